"""Tables and rank tests against R's survey and scipy, and what must hold for any data.

Authorities: tests/reference/regression_and_tables.toml (R's survey 4.1: ``svychisq``, ``svyby``, ``svyranktest``,
``svyglm`` on midranks), 1e-9; scipy's ``chi2_contingency``, ``mannwhitneyu``, ``kruskal`` and ``rankdata``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual.crosstabs import crosstab, midranks, rank_test
from servqual.inference import Proportion, Student, estimate
from servqual.replicates import Bootstrap
from survey_design.errors import DataError, SpecError
from survey_design.sampling import SampleDesign

REFERENCE = Path(__file__).parent / "reference"
R = tomllib.loads((REFERENCE / "regression_and_tables.toml").read_text(encoding="utf-8"))
TIGHT = R["meta"]["tolerance_relative"]

API = {
    "srs": ("apisrs.csv", SampleDesign(weight="pw", population="fpc")),
    "strat": ("apistrat.csv", SampleDesign(strata="stype", weight="pw", population="fpc")),
    "clus1": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw", population="fpc", whole_clusters=True)),
    "clus2": ("apiclus2.csv", SampleDesign(clusters=("dnum", "snum"), weight="pw", population=("fpc1", "fpc2"))),
}
SMALL = {
    "one_stage": SampleDesign(strata="stratum", clusters="cluster", weight="weight"),
    "two_stage": SampleDesign(
        strata="stratum", clusters="cluster", weight="weight", population=("clusters_in_stratum", "units_in_cluster")
    ),
}
DESIGN = SampleDesign(strata="region", clusters="store", weight="w")


def small() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "design_small.csv")
    frame = frame[frame["stratum"] != "C"].reset_index(drop=True)
    frame["band"] = pd.cut(frame["x"], [0, 5, 6, 9], labels=["low", "middle", "high"])
    return frame


def schools(shared, name) -> tuple[pd.DataFrame, SampleDesign]:
    file, design = API[name]
    frame = shared.frame(file)
    return frame.assign(quarter=np.minimum(frame["meals"] // 25, 3)), design


def visits(n=400, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    store = rng.integers(0, 30, n)
    frame = pd.DataFrame({"store": store, "region": store % 3, "w": rng.uniform(0.5, 2, n)})
    frame["tier"] = rng.choice(["flagship", "kiosk", "street"], n)
    calm = 4 + 0.5 * (frame["tier"] == "kiosk") + rng.standard_normal(n) + rng.standard_normal(30)[store]
    frame["calm"] = np.clip(np.rint(calm), 1, 7).astype(int)
    frame["mood"] = pd.cut(frame["calm"], [0, 3, 5, 7], labels=["low", "middle", "high"])
    return frame


def same_test(test, expected):
    mine = [test.f, test.df1, test.df2, test.p, test.first_order_df, test.first_order_p]
    names = ("f", "df1", "df2", "p", "first_order_df", "first_order_p")
    assert mine == pytest.approx([expected[name] for name in names], rel=TIGHT)
    assert test.pearson == pytest.approx(expected["pearson"], rel=TIGHT)


def same_shares(table, row, column, expected):
    frame = table.to_frame().astype({row: str, column: str}).set_index([row, column])
    places = [(answer, group) for answer in expected["rows"] for group in expected["columns"]]
    assert [frame.loc[place, "share"] for place in places] == pytest.approx(expected["share"], rel=TIGHT)
    mine, theirs = np.array([frame.loc[place, "se"] for place in places]), np.array(expected["se"])
    inner = (np.array(expected["share"]) > 0) & (np.array(expected["share"]) < 1)
    assert mine[inner] == pytest.approx(theirs[inner], rel=TIGHT)
    assert np.isnan(mine[~inner]).all()


# --- outside authorities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SMALL))
def test_tables_are_those_of_r(name):
    table, expected = crosstab(small(), "yes", "band", SMALL[name]), R["small"][name]
    same_test(table.test, expected["rao_scott"])
    same_shares(table, "yes", "band", expected["shares"])


@pytest.mark.parametrize("name", list(API))
def test_tables_of_schools_are_those_of_r(shared, name):
    (frame, design), expected = schools(shared, name), R["api"][name]
    table = crosstab(frame, "quarter", "stype", design)
    same_test(table.test, expected["rao_scott"])
    same_shares(table, "quarter", "stype", expected["shares"])


def test_a_simple_sample_gives_pearsons_test():
    frame = visits()
    table = crosstab(frame, "mood", "tier")
    counts = pd.crosstab(frame["mood"], frame["tier"])
    chi2 = stats.chi2_contingency(counts, correction=False)
    n = len(frame)
    assert table.test.pearson == pytest.approx(chi2.statistic, rel=1e-10)
    assert table.test.deff == pytest.approx(n / (n - 1), rel=0.05)  # observed shares stand in for the expected ones
    assert table.test.df1 == pytest.approx(4, rel=0.02)
    assert table.test.p == pytest.approx(chi2.pvalue, rel=0.2)
    assert table.to_wide().to_numpy() == pytest.approx((counts / counts.sum()).to_numpy(), rel=1e-12)
    same_test(crosstab(small(), "yes", "sex").test, R["small"]["simple"]["rao_scott"])


@pytest.mark.parametrize("name", list(SMALL))
def test_rank_tests_are_those_of_r(name):
    for group, key in (("band", "ranks_of_groups"), ("sex", "ranks_of_two")):
        test = rank_test(small(), "y", group, SMALL[name])
        expected = R["small"][name][key]
        assert [test.f, test.df1, test.df2, test.p] == pytest.approx(
            [expected[k] for k in ("f", "df1", "df2", "p")], rel=TIGHT
        )


@pytest.mark.parametrize("name", list(API))
def test_rank_tests_of_schools_are_those_of_r(shared, name):
    frame, design = schools(shared, name)
    for group, key in (("stype", "ranks_of_groups"), ("sch.wide", "ranks_of_two")):
        test, expected = rank_test(frame, "api00", group, design), R["api"][name][key]
        assert [test.f, test.df1, test.df2, test.p] == pytest.approx(
            [expected[k] for k in ("f", "df1", "df2", "p")], rel=TIGHT
        )
        if name in ("srs", "clus1"):  # equal weights: svyranktest itself
            assert test.f == pytest.approx(expected["svyranktest_f"], rel=TIGHT)


def test_rank_tests_of_simple_samples_are_near_the_textbook_ones():
    frame = visits(2000)
    parts = [part["calm"] for _, part in frame.groupby("tier")]
    three = rank_test(frame, "calm", "tier")
    assert three.p == pytest.approx(stats.kruskal(*parts).pvalue, rel=0.1)
    two = rank_test(frame[frame["tier"] != "kiosk"], "calm", "tier")
    wilcoxon = stats.mannwhitneyu(parts[0], parts[2], method="asymptotic", use_continuity=False)
    assert two.p == pytest.approx(wilcoxon.pvalue, rel=0.02)
    assert midranks(frame["calm"].to_numpy(float), np.ones(2000)) == pytest.approx(
        (stats.rankdata(frame["calm"]) - 0.5) / 2000
    )


# --- identities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share_of", ["column", "row", "total"])
def test_shares_add_up_to_one(share_of):
    table = crosstab(visits(), "mood", "tier", DESIGN, share_of=share_of)
    frame = table.to_frame()
    by = {"column": ["tier"], "row": ["mood"], "total": []}[share_of]
    sums = frame.groupby(by, observed=True)["share"].sum() if by else pd.Series([frame["share"].sum()])
    assert sums.to_numpy() == pytest.approx(1)
    assert frame["n"].sum() == 400
    assert (frame["n"] <= frame["n_base"]).all()
    assert ((frame["low"] < frame["share"]) & (frame["share"] < frame["high"])).all()


def test_a_column_of_the_table_is_the_share_in_that_group():
    frame = visits().assign(low=lambda f: (f["mood"] == "low").astype(float))
    table = crosstab(frame, "mood", "tier", DESIGN).to_frame()
    expected = estimate(frame, Proportion("low"), DESIGN, by="tier").to_frame()
    mine = table[table["mood"] == "low"]
    for name, theirs in (
        ("share", "estimate"),
        ("se", "se"),
        ("low", "low"),
        ("high", "high"),
        ("df", "df"),
        ("n_base", "n"),
    ):
        assert mine[name].to_numpy(float) == pytest.approx(expected[theirs].to_numpy(float), rel=1e-10), name


def test_turning_the_table_round_changes_nothing_but_its_layout():
    one = crosstab(visits(), "mood", "tier", DESIGN, share_of="row")
    two = crosstab(visits(), "tier", "mood", DESIGN, share_of="column")
    keys = ["mood", "tier"]
    first, second = (t.to_frame().astype({"mood": str}).sort_values(keys).reset_index(drop=True) for t in (one, two))
    for name in ("share", "se", "low", "high", "n", "n_base"):
        assert first[name].to_numpy() == pytest.approx(second[name].to_numpy())
    for name in ("f", "df1", "df2", "p", "pearson", "deff"):
        assert getattr(one.test, name) == pytest.approx(getattr(two.test, name), rel=1e-9)


def test_renaming_reweighting_and_reordering_change_nothing():
    frame = visits()
    test = crosstab(frame, "mood", "tier", DESIGN).test
    other = frame.assign(w=3 * frame["w"], tier=frame["tier"].map({"flagship": "z", "kiosk": "a", "street": "m"}))
    again = crosstab(other.sample(frac=1, random_state=2), "mood", "tier", DESIGN).test
    for name in ("f", "df1", "df2", "p", "pearson", "deff"):
        assert getattr(again, name) == pytest.approx(getattr(test, name), rel=1e-9)


@pytest.mark.parametrize("copies", [2, 5])
def test_answers_copied_within_clusters_are_worth_no_more(copies):
    frame = visits(200).assign(person=range(200))
    once = crosstab(frame, "mood", "tier", SampleDesign(clusters="person")).test
    many = crosstab(pd.concat([frame] * copies), "mood", "tier", SampleDesign(clusters="person")).test
    assert many.deff == pytest.approx(copies * once.deff, rel=1e-9)
    assert [many.f, many.df1, many.df2, many.p] == pytest.approx([once.f, once.df1, once.df2, once.p], rel=1e-9)
    ranks = [
        rank_test(f, "calm", "tier", SampleDesign(clusters="person")) for f in (frame, pd.concat([frame] * copies))
    ]
    assert ranks[1].f == pytest.approx(ranks[0].f, rel=1e-9)


def test_only_the_order_matters_to_ranks():
    frame = visits()
    plain = rank_test(frame, "calm", "tier", DESIGN)
    bent = rank_test(frame.assign(calm=np.exp(frame["calm"])), "calm", "tier", DESIGN)
    turned = rank_test(frame.assign(calm=-frame["calm"]), "calm", "tier", DESIGN)
    assert (bent.f, bent.mean_ranks) == (plain.f, plain.mean_ranks)
    assert turned.f == pytest.approx(plain.f, rel=1e-9)
    assert [1 - value for _, value in turned.mean_ranks] == pytest.approx([value for _, value in plain.mean_ranks])


def test_the_corrected_test_keeps_its_level_where_pearsons_does_not():
    rng = np.random.default_rng(11)
    rejected = np.zeros(2)
    for _ in range(100):
        store = np.repeat(np.arange(40), 10)
        yes = (rng.standard_normal(40)[store] + rng.standard_normal(400) > 0).astype(int)
        frame = pd.DataFrame({"store": store, "tier": store % 2, "yes": yes})  # no difference between tiers
        test = crosstab(frame, "yes", "tier", SampleDesign(clusters="store")).test
        rejected += [test.p < 0.05, stats.chi2.sf(test.pearson, 1) < 0.05]
    assert rejected[0] / 100 < 0.1
    assert rejected[1] / 100 > 0.2


# --- what is missing or cannot be done ---------------------------------------------------------------------


def test_missing_answers_are_dropped_and_counted():
    frame = visits().astype({"calm": float, "tier": object})
    frame.loc[:9, "calm"] = np.nan
    frame.loc[5:19, "tier"] = None
    table = crosstab(frame, "calm", "tier", DESIGN)
    assert (table.n_dropped, table.test.n) == (20, 380)
    assert "20 rows dropped" in table.note()
    test = rank_test(frame, "calm", "tier", DESIGN)
    assert (test.n, test.n_dropped) == (380, 20)


def test_empty_cells_single_groups_and_lone_clusters_say_why():
    frame = visits()
    frame.loc[frame["tier"] == "kiosk", "mood"] = "low"
    table = crosstab(frame, "mood", "tier", DESIGN)
    kiosk = table.to_frame().query("tier == 'kiosk'")
    assert kiosk["share"].tolist() == [1, 0, 0]
    assert (kiosk["reason"] == "no interval").all()
    assert table.test.n_few == 2
    assert "2 cells hold fewer than 5" in table.test.sentence()
    assert "2 个单元格不足 5 人" in table.test.sentence("zh")
    alone = crosstab(frame[frame["tier"] == "kiosk"], "calm", "tier", DESIGN)
    assert "takes a single value" in alone.test.sentence()
    assert alone.test.sentence("zh").startswith("未作独立性检验（calm、tier）：")
    lone = crosstab(visits(), "mood", "store", DESIGN)
    assert set(lone.to_frame()["reason"]) <= {"one cluster", "no interval"}
    nothing = crosstab(frame.assign(store=frame["region"]), "mood", "tier", DESIGN)
    assert "no degrees of freedom" in nothing.test.sentence()
    empty = crosstab(pd.DataFrame({"a": [1, 1, 2, 2, 3], "b": [1, 1, 2, 2, 3]}), "a", "b")
    assert np.isfinite(empty.test.f) or "too many empty cells" in empty.test.sentence()


def test_bad_arguments_say_what_to_do():
    frame = visits()
    with pytest.raises(DataError, match="no column 'teir'"):
        crosstab(frame, "mood", "teir")
    with pytest.raises(SpecError, match="both 'mood'"):
        crosstab(frame, "mood", "mood")
    with pytest.raises(SpecError, match="share_of='columns' is not known"):
        crosstab(frame, "mood", "tier", share_of="columns")
    with pytest.raises(SpecError, match="too many for a table"):
        crosstab(frame.assign(id=range(400)), "id", "tier")
    with pytest.raises(SpecError, match="share: tables have a column"):
        crosstab(frame.assign(share=1), "share", "tier")
    with pytest.raises(DataError, match="no row has both"):
        crosstab(frame.assign(x=np.nan), "x", "tier")
    with pytest.raises(SpecError, match=r"only be computed with Taylor\(\) or Student\(\)"):
        crosstab(frame, "mood", "tier", DESIGN, interval=Bootstrap(10))
    with pytest.raises(DataError, match="'mood' is not numeric"):
        rank_test(frame, "mood", "tier")
    with pytest.raises(DataError, match="has 1 value among the complete rows"):
        rank_test(frame.assign(one="a"), "calm", "one")


def test_words_in_both_languages():
    table = crosstab(visits(), "mood", "tier", DESIGN)
    english, chinese = str(table), str(table.in_language("zh"))
    assert english.startswith("Shares of mood by tier")
    assert "Shares within each tier" in english
    assert "Rao-Scott F(" in english
    assert chinese.startswith("mood × tier 的比例")
    assert "比例以各tier为基数" in chinese
    assert "Rao–Scott F(" in chinese
    assert "独立" not in crosstab(visits(), "mood", "tier", DESIGN).note()
    assert isinstance(crosstab(visits(), "mood", "tier").interval, Student)
    test = rank_test(visits(), "calm", "tier", DESIGN)
    assert "Mean ranks of calm: flagship 0." in test.sentence()
    assert test.sentence("zh").startswith("calm的平均秩：flagship 0.")
    assert table.to_wide().columns.tolist() == ["flagship", "kiosk", "street"]
    assert table.to_wide().index.tolist() == ["low", "middle", "high"]


def test_few_clusters_that_carry_the_weight_are_told():
    n = 300
    frame = pd.DataFrame({"mood": np.arange(n) * 7 % 3, "tier": np.where(np.arange(n) % 2 == 0, "u", "v")})
    for store, told in (
        (np.where(np.arange(n) < 200, 0, np.arange(n) // 2 % 20), True),
        (np.arange(n) // 2 % 20, False),
    ):
        data, design = frame.assign(store=store), SampleDesign(clusters="store")
        table = crosstab(data, "mood", "tier", design)
        assert ("Few clusters carry most of the weight (u, v)" in table.note()) is told
        assert ("少数几个群占了大部分权重（u、v）" in table.in_language("zh").note()) is told
        assert (
            "Few clusters carry most of the weight:" in crosstab(data, "mood", "tier", design, share_of="total").note()
        ) is told
        assert "ew clusters" not in crosstab(data, "mood", "tier", design, interval=Student()).note()


def test_whole_numbers_held_as_objects_rise_as_numbers_do():
    mood = [10, 2, 1, None] * 6
    frame = pd.DataFrame({"mood": mood, "tier": list("aabb") * 6})
    held = frame.assign(mood=pd.Series(mood, dtype=object))
    assert crosstab(held, "mood", "tier").to_wide().index.tolist() == [1, 2, 10]
    assert rank_test(held, "mood", "tier").sentence() == rank_test(frame, "mood", "tier").sentence()
