"""Counts add up; quantiles and medians against R's survey, Python's statistics module, and what must hold for any data.

Authorities: survey_api.json (R's survey 4.1, ``svyquantile``, six designs), kept beside the project, with its own tolerances
1e-9 for quantiles and 1e-3 for their standard errors; ``statistics.median_grouped``; pandas and scipy. The intervals of
medians of items have no outside authority: that they hold the true median as often as they say is simulated.
"""

from __future__ import annotations

import statistics
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual.counts import Counts, interpolated_median, quantile, score_medians
from servqual.inference import Mean, Student, Taylor, estimate, signed_rank
from servqual.instruments import load_instrument
from servqual.moments import Cells, Moments
from servqual.replicates import Bootstrap, Jackknife
from servqual.responses import Responses, Variable
from survey_design.errors import DataError, SpecError
from survey_design.sampling import SampleDesign

API = {
    "srs": ("apisrs.csv", SampleDesign(weight="pw", population="fpc")),
    "strat": ("apistrat.csv", SampleDesign(strata="stype", weight="pw", population="fpc")),
    "strat_nofpc": ("apistrat.csv", SampleDesign(strata="stype", weight="pw")),
    "clus1": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw", population="fpc", whole_clusters=True)),
    "clus1_nofpc": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw")),
    "clus2_two_stage": (
        "apiclus2.csv",
        SampleDesign(clusters=("dnum", "snum"), weight="pw", population=("fpc1", "fpc2")),
    ),
}
DESIGN = SampleDesign(strata="region", clusters="store", weight="w")


def stores(n=300, seed=0):
    """Answers of n customers of 24 stores in 3 regions; some missing."""
    rng = np.random.default_rng(seed)
    store = rng.integers(0, 24, n)
    calm = np.clip(np.rint(4 + 1.2 * rng.standard_normal(n) + rng.standard_normal(24)[store]), 1, 7)
    frame = pd.DataFrame({"store": store, "region": store % 3, "calm": calm, "kind": rng.integers(-3, 4, n)})
    frame["w"] = rng.uniform(0.5, 2, n)
    frame["minutes"] = rng.exponential(10, n).round(1)
    frame.loc[rng.random(n) < 0.1, ["calm", "minutes"]] = np.nan
    return frame


# --- counting ----------------------------------------------------------------------------------------------


def test_counts_are_those_of_pandas():
    frame = stores()
    counts = Counts.from_frame(frame, ["calm", "kind"], DESIGN, by="region")
    for region, part in frame.groupby("region"):
        expected = part["calm"].value_counts().reindex(counts.values("calm"), fill_value=0)
        assert counts.count("calm", (region,)).tolist() == expected.tolist()
        assert counts.n_missing("calm", (region,)) == part["calm"].isna().sum()
        sums = part.groupby("kind")["w"].sum().reindex(counts.values("kind"), fill_value=0)
        assert counts.weight("kind", (region,)) == pytest.approx(sums.to_numpy(), rel=1e-12)
    assert counts.count("calm").sum() == frame["calm"].notna().sum()
    assert counts.count("calm", ("nowhere",)).sum() == 0
    assert counts.weighted
    assert not Counts.from_frame(frame, ["calm"]).weighted


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 199), max_size=6), st.booleans())
def test_parts_add_up_to_the_whole(cuts, weighted):
    frame = stores(200)
    design = DESIGN if weighted else SampleDesign(strata="region", clusters="store")
    whole = Counts.from_frame(frame, ["calm", "kind"], design, by="region")
    edges = [0, *sorted(cuts), 200]
    parts = [Counts.from_frame(frame.iloc[a:b], ["calm", "kind"], design, by="region") for a, b in pairwise(edges)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    for domain in (None, *whole.domains):
        for column in whole.columns:
            assert total.values(column).tolist() == whole.values(column).tolist()
            assert total.count(column, domain).tolist() == whole.count(column, domain).tolist()
            assert total.n_missing(column, domain) == whole.n_missing(column, domain)
            assert total.weight(column, domain) == pytest.approx(whole.weight(column, domain), rel=1e-12)
    assert len(total.cells) == len(whole.cells)


def test_weighted_and_unweighted_parts_add_up():
    frame = stores()
    both = Counts.from_frame(frame[:100], ["kind"], SampleDesign(weight="w")) + Counts.from_frame(frame[100:], ["kind"])
    assert both.weight("kind").sum() == pytest.approx(frame["w"][:100].sum() + 200)
    assert both.count("kind").sum() == 300


def test_moments_of_the_counts_are_those_of_the_rows():
    frame = stores()
    frame["low"] = (frame["calm"] <= 3).where(frame["calm"].notna()).astype(float)
    counts = Counts.from_frame(frame, ["calm"], DESIGN)
    mine = counts.moments("calm", {"low": counts.values("calm") <= 3})
    rows = Moments.from_frame(frame, ["low"], DESIGN)
    assert mine.cells.equals(rows.cells)
    for name in ("count", "first", "second"):
        assert getattr(mine, name) == pytest.approx(getattr(rows, name), rel=1e-12)


def test_signed_ranks_of_the_counts_are_those_of_the_rows():
    frame = stores()
    counts = Counts.from_frame(frame, ["kind"])
    v, p, n = signed_rank(counts.values("kind"), counts.count("kind"))
    other = stats.wilcoxon(frame["kind"], correction=True, method="asymptotic")
    assert n == (frame["kind"] != 0).sum()
    assert min(v, n * (n + 1) / 2 - v) == other.statistic
    assert p == pytest.approx(other.pvalue, rel=1e-10)


@pytest.mark.parametrize("kind", ["int8", "uint8", "Int16", "float32", "category", "object", "int64[pyarrow]", "bool"])
def test_any_kind_of_column_is_counted(kind):
    column = pd.Series([0, 1, 1]).astype(kind)
    counts = Counts.from_frame(pd.DataFrame({"x": column}), ["x"])
    assert (counts.values("x").tolist(), counts.count("x").tolist()) == ([0, 1], [1, 2])


def test_nothing_to_count():
    empty = Counts.from_frame(pd.DataFrame({"x": [np.nan, np.nan]}), ["x"])
    full = Counts.from_frame(pd.DataFrame({"x": [3, 5]}), ["x"])
    assert empty.values("x").tolist() == []
    assert (empty + full).count("x").tolist() == [1, 0, 1]
    assert (full + empty).n_missing("x") == 2
    none = Counts.from_frame(pd.DataFrame({"x": np.array([], dtype=int)}), ["x"])
    assert (none + full).count("x").tolist() == [1, 0, 1]
    assert (none + none).count("x").tolist() == []


def test_what_cannot_be_counted_is_listed():
    frame = pd.DataFrame({"x": [1, 2.5, np.inf, np.nan], "word": ["a", "2", None, "b"]})
    with pytest.raises(
        DataError, match=r"2 values cannot be counted \(2.5, inf; rows 1, 2\).*not a whole number"
    ) as fractions:
        Counts.from_frame(frame, ["x"])
    assert fractions.value.cases["row"].tolist() == [1, 2]
    with pytest.raises(DataError, match="not a number") as words:
        Counts.from_frame(frame, ["word"])
    assert words.value.cases["value"].tolist() == ["a", "b"]
    with pytest.raises(SpecError, match="too many to count"):
        Counts.from_frame(pd.DataFrame({"x": [0, 10**9]}), ["x"])
    with pytest.raises(DataError, match="no column 'y'"):
        Counts.from_frame(frame, ["y"])
    counts = Counts.from_frame(pd.DataFrame({"x": [1]}), ["x"])
    with pytest.raises(DataError, match="the counts has no column 'y'"):
        counts.count("y")
    with pytest.raises(SpecError, match="different columns"):
        counts + Counts.from_frame(pd.DataFrame({"y": [1]}), ["y"])


def test_parts_with_different_populations_are_refused():
    frame = pd.DataFrame({"store": ["a", "b"], "x": [1, 2], "N": [10, 12]})
    design = SampleDesign(clusters="store", population="N")
    parts = [Counts.from_frame(frame[k : k + 1].assign(store="a"), ["x"], design) for k in range(2)]
    with pytest.raises(DataError, match="clusters_in_population differs"):
        parts[0] + parts[1]


def test_the_frame_is_left_alone():
    frame = stores()
    before = frame.copy()
    Counts.from_frame(frame, ["calm"], DESIGN)
    quantile(frame, "minutes", DESIGN)
    pd.testing.assert_frame_equal(frame, before)


# --- quantiles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(API))
def test_quantiles_are_those_of_svyquantile(shared, name):
    oracle = shared.oracle("survey_api.json")
    expected, tolerance = oracle["results"][name]["quantiles_api00"], oracle["tolerance"]
    file, design = API[name]
    table = quantile(shared.frame(file), "api00", design, p=expected["p"]).to_frame()
    assert table["estimate"].to_numpy() == pytest.approx(expected["est"], rel=tolerance["est_rel"])
    assert table["se"].to_numpy() == pytest.approx(expected["se"], rel=tolerance["quantile_se_rel"])
    assert (table["df"] == oracle["results"][name]["degf"]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=40), st.floats(0.05, 0.95))
def test_a_quantile_splits_the_answers(values, p):
    row = quantile(pd.DataFrame({"x": values}), "x", p=p).to_frame().iloc[0]
    data = np.array(values)
    assert (data <= row["estimate"]).mean() >= p - 1e-9
    assert (data < row["estimate"]).mean() < p + 1e-9
    assert np.quantile(data, p, method="inverted_cdf") == pytest.approx(row["estimate"], abs=0) or any(
        abs(p * len(data) - k) < 1e-6 for k in range(len(data))
    )


def test_quantiles_move_with_their_column():
    frame = stores()
    frame["seconds"] = 60 * frame["minutes"] + 30
    table = quantile(frame, ["minutes", "seconds"], DESIGN, p=[0.25, 0.5]).to_frame()
    mine, theirs = (table[table["column"] == name].reset_index(drop=True) for name in ("minutes", "seconds"))
    for name in ("estimate", "low", "high"):
        assert theirs[name].to_numpy() == pytest.approx(60 * mine[name].to_numpy() + 30)
    assert theirs["se"].to_numpy() == pytest.approx(60 * mine["se"].to_numpy())


def test_bootstrap_agrees_with_woodruff_on_many_clusters():
    rng = np.random.default_rng(3)
    store = np.repeat(np.arange(80), 10)
    frame = pd.DataFrame(
        {"store": store, "x": np.rint(40 * (rng.standard_normal(800) + rng.standard_normal(80)[store]))}
    )
    design = SampleDesign(clusters="store")
    woodruff = quantile(frame, "x", design).to_frame().iloc[0]
    again = quantile(frame, "x", design, interval=Bootstrap(2000, seed=1)).to_frame().iloc[0]
    assert (again["estimate"], again["df"]) == (woodruff["estimate"], woodruff["df"])
    assert again["se"] == pytest.approx(
        woodruff["se"], rel=0.15
    )  # two estimators of one error; the bootstrap is seeded
    percentile = quantile(frame, "x", design, interval=Bootstrap(2000, seed=1, percentile=True)).to_frame().iloc[0]
    assert percentile["low"] in set(frame["x"])
    unit = quantile(frame[:200], "x", interval=Bootstrap(1000, seed=2)).to_frame().iloc[0]
    assert unit["se"] == pytest.approx(quantile(frame[:200], "x").to_frame().iloc[0]["se"], rel=0.25)


def test_groups_and_reasons_of_quantiles():
    frame = pd.DataFrame({"g": list("aaaabcc"), "x": [1.5, 2, 3, 9, 4, np.nan, np.nan]})
    table = quantile(frame, "x", by="g", p=[0.5, 0.99])
    rows = table.to_frame().set_index(["g", "quantile"])
    assert rows.loc[("a", 0.5), "estimate"] == 2
    assert rows["reason"].tolist() == ["past the end", "past the end", "one answer", "one answer", "nobody", "nobody"]
    assert rows.loc[("c", 0.5), "n_missing"] == 2
    same = quantile(pd.DataFrame({"x": [2.5, 2.5, 2.5]}), "x").to_frame().iloc[0]
    assert same["reason"] == "no variation"
    assert np.isnan(same["se"])
    assert "the interval runs past the smallest or largest answer" in str(table)
    chinese = str(table.in_language("zh"))
    assert "分位数" in chinese
    assert "区间超出最小或最大回答" in chinese
    assert chinese.endswith("。")
    lone = quantile(stores(), "minutes", DESIGN, by="store").to_frame()
    assert set(lone["reason"]) <= {"one cluster", "past the end"}


def test_quantiles_refuse_what_they_cannot_do():
    frame = stores()
    with pytest.raises(SpecError, match=r"p=1\.5 must lie between 0 and 1"):
        quantile(frame, "minutes", p=1.5)
    with pytest.raises(SpecError, match="jackknife is not consistent"):
        quantile(frame, "minutes", interval=Jackknife())
    with pytest.raises(SpecError, match="too many for replicates"):
        quantile(pd.DataFrame({"x": np.arange(400)}), "x", interval=Bootstrap(10))
    with pytest.raises(SpecError, match="by=low"):
        quantile(frame.assign(low=1), "minutes", by="low")
    with pytest.raises(DataError, match="not numeric"):
        quantile(frame.assign(word="a"), "word")
    with pytest.raises(DataError, match="infinite in rows 7") as found:
        quantile(frame.assign(x=np.where(frame.index == 7, np.inf, 1.0)), "x")
    assert found.value.cases["row"].tolist() == [7]
    with pytest.raises(DataError, match="'region' of the design is missing"):
        quantile(frame.assign(region=np.nan), "minutes", DESIGN)


# --- medians of items --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=60))
def test_interpolated_median_is_the_grouped_median(values):
    distinct, count = np.unique(values, return_counts=True)
    share = np.cumsum(count) / len(values)
    expected = statistics.median_grouped(values)
    if 0.5 in share.tolist():  # half at or below an answer: the middle to the next answer, also across a gap
        k = share.tolist().index(0.5)
        expected = (distinct[k] + distinct[k + 1]) / 2
    assert interpolated_median(distinct, count) == pytest.approx(expected, rel=1e-12)


def test_interpolated_median_mirrors_and_shifts():
    rng = np.random.default_rng(5)
    for _ in range(50):
        weight = rng.uniform(0, 1, 7) * (rng.random(7) < 0.8) + 1e-3
        median = interpolated_median(np.arange(1, 8), weight)
        assert interpolated_median(np.arange(1, 8), weight[::-1]) == pytest.approx(8 - median)
        assert interpolated_median(np.arange(11, 18), 3 * weight) == pytest.approx(10 + median)
    assert np.isnan(interpolated_median(np.arange(3), np.zeros(3)))


INSTRUMENT = load_instrument("servperf-22")
COLUMNS = list(INSTRUMENT.columns("perception").values())


def responses(frame, design=None, language="en", **given):
    return Responses(frame, INSTRUMENT.in_language(language), design, **given)


def answered(n, seed, probabilities):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.choice(np.arange(1, 8), (n, len(COLUMNS)), p=probabilities), columns=COLUMNS)


@pytest.mark.parametrize(
    ("n", "shares"),
    [(40, [2, 8, 15, 24, 31, 12, 8]), (200, [2, 5, 10, 34, 28, 13, 8]), (100, [0, 5, 6, 10, 28, 30, 21])],
)
def test_intervals_of_medians_hold_the_true_median(n, shares):
    probabilities = np.array(shares) / 100
    median = 1 + np.searchsorted(np.cumsum(probabilities), 0.5)
    between = interpolated_median(np.arange(1, 8), probabilities)
    tables = [score_medians(responses(answered(n, seed, probabilities))).to_frame() for seed in range(10)]
    table = pd.concat(tables)  # 10 samples of 22 independent items
    plain = ((table["median_low"] <= median) & (table["median_high"] >= median)).mean()
    interpolated = ((table["low"] <= between) & (table["high"] >= between)).mean()
    assert plain >= 0.95
    assert 0.91 <= interpolated <= 0.98
    assert table["se"].mean() == pytest.approx(table["interpolated"].std(), rel=0.12)
    assert (table["median"].between(table["median_low"], table["median_high"])).all()
    assert (table["interpolated"].between(table["low"], table["high"])).all()


def test_the_rule_for_continuous_columns_fails_items():
    probabilities = np.array([3, 6, 12, 30, 29, 12, 8]) / 100  # 51% answer at most 4
    held = {"items": 0.0, "columns": 0.0}
    for seed in range(8):
        frame = answered(200, 100 + seed, probabilities)
        items, columns = score_medians(responses(frame)).to_frame(), quantile(frame, COLUMNS).to_frame()
        held["items"] += ((items["median_low"] <= 4) & (items["median_high"] >= 4)).mean() / 8
        held["columns"] += ((columns["low"] <= 4) & (columns["high"] >= 4)).mean() / 8
    assert held["items"] >= 0.95
    assert held["columns"] < 0.8  # as documented: take score_medians for items


def test_medians_know_clusters_weights_and_groups():
    frame = answered(240, 1, np.full(7, 1 / 7)).assign(store=np.arange(240) // 10, tier=np.arange(240) // 120, w=2.5)
    frame[COLUMNS] = frame[COLUMNS].mask(np.random.default_rng(0).random((240, 22)) < 0.05)
    plain = score_medians(responses(frame)).to_frame()
    same = score_medians(responses(frame, SampleDesign(weight="w"))).to_frame()
    assert same["interpolated"].to_numpy() == pytest.approx(plain["interpolated"].to_numpy())
    design = SampleDesign(clusters="store", weight="w")
    split = score_medians(responses(frame, design), by="tier")
    table = split.to_frame()
    assert table["tier"].tolist() == [0] * 22 + [1] * 22
    assert (table["df"] == 11).all()
    assert (table["n"] + table["n_missing"] == 120).all()
    part = frame[frame["tier"] == 1]
    for row in table[table["tier"] == 1].itertuples():
        column = part[INSTRUMENT.column("perception", row.item)].dropna().astype(int)
        assert row.median == np.quantile(column, 0.5, method="inverted_cdf")
    assert isinstance(split.interval, Taylor)
    assert isinstance(score_medians(responses(frame)).interval, Student)


def test_the_interval_of_a_median_is_an_inverted_test():
    frame = answered(240, 2, np.full(7, 1 / 7)).assign(store=np.arange(240) // 10)
    design = SampleDesign(clusters="store")
    row = score_medians(responses(frame, design)).to_frame().iloc[0]
    column = COLUMNS[0]
    for bound, sign in ((row["low"], -1), (row["high"], 1)):
        below = np.clip(
            bound - (frame[column] - 0.5), 0, 1
        )  # part of each answer, spread over a point, below the bound
        test = estimate(frame.assign(below=below), Mean("below"), design).to_frame().iloc[0]
        assert (test["low"] if sign == 1 else test["high"]) == pytest.approx(0.5, abs=1e-9)


def test_medians_speak_both_languages_and_say_that_they_jump():
    frame = answered(40, 3, np.full(7, 1 / 7)).assign(tier=["a"] * 20 + ["b"] * 20)
    variables = {"tier": Variable(label={"en": "Tier", "zh": "级别"})}
    english = str(score_medians(responses(frame, variables=variables), by="tier"))
    chinese = str(score_medians(responses(frame, language="zh", variables=variables), by="tier"))
    assert "jumps by a whole point" in english
    assert "Tier" in english
    assert "interpolated median" in english
    assert "跳动一整分" in chinese
    assert "级别" in chinese
    assert "插值中位数" in chinese
    assert "median" not in chinese


def test_medians_without_spread_or_answers():
    frame = answered(10, 4, np.full(7, 1 / 7)).assign(tier=["a"] * 9 + ["b"])
    frame[COLUMNS[0]] = 6
    frame[COLUMNS[1]] = [5.0] * 9 + [np.nan]
    table = score_medians(responses(frame), by="tier").to_frame().set_index(["tier", "item"])
    first, second = INSTRUMENT.items[0].id, INSTRUMENT.items[1].id
    assert table.loc[("a", first), "reason"] == "no variation"
    assert table.loc[("a", first), ["median", "median_low", "median_high", "interpolated"]].tolist() == [6, 6, 6, 6]
    assert table.loc[("b", first), "reason"] == "one answer"
    assert np.isnan(table.loc[("b", first), "low"])
    assert table.loc[("b", second), "reason"] == "nobody"


def test_medians_refuse_what_they_cannot_do():
    answers = responses(answered(10, 4, np.full(7, 1 / 7)))
    with pytest.raises(SpecError, match="form='expectation' was not answered"):
        score_medians(answers, form="expectation")
    with pytest.raises(SpecError, match=r"quantile\(\) takes Bootstrap"):
        score_medians(answers, interval=Bootstrap(10))
    with pytest.raises(DataError, match="no column 'tier'"):
        score_medians(answers, by="tier")


def test_cells_of_the_rows_serve_counts_too():
    frame = stores()
    cells = Cells.of(frame, DESIGN)
    counts = Counts.from_cells(frame[["kind", "calm"]], cells, frame["w"].to_numpy())
    assert counts.columns == ("kind", "calm")
    assert counts.weight("kind") == pytest.approx(Counts.from_frame(frame, ["kind"], DESIGN).weight("kind"))


def test_a_column_of_ratings_is_told_to_take_score_medians():
    frame = stores()
    table = quantile(frame, ["calm", "minutes"], DESIGN, by="region")
    assert "for continuous columns: calm, with few whole-number values" in table.note()
    assert "score_medians()" in table.in_language("zh").note()
    assert "calm 只有少数整数值" in table.in_language("zh").note()
    assert "score_medians" not in quantile(frame, "minutes", DESIGN).note()
    assert "score_medians" not in quantile(frame.assign(calm=frame["calm"] + frame["minutes"]), "calm").note()


def test_whole_numbers_with_gaps_are_numbers_also_as_objects():
    frame = stores()
    held = frame.assign(calm=frame["calm"].astype("Int64").astype(object).where(frame["calm"].notna(), None))
    assert held["calm"].dtype == object
    pd.testing.assert_frame_equal(quantile(held, "calm", DESIGN).to_frame(), quantile(frame, "calm", DESIGN).to_frame())
    with pytest.raises(DataError, match="not numeric"):
        quantile(frame.assign(calm="7"), "calm")


def test_few_clusters_that_carry_the_weight_are_told_beside_quantiles_and_medians():
    frame = stores().assign(g=lambda data: np.where(data.index % 2 == 0, "u", "v"))
    skewed = frame.assign(store=np.where(frame["store"] < 14, 0, frame["store"]))
    asked, design = load_instrument("retail-13"), SampleDesign(clusters="store")
    answers = dict.fromkeys(asked.columns("perception").values(), frame["kind"] + 4)
    for data, told in ((skewed, True), (frame, False)):
        held = Responses(data.assign(**answers), asked, design)
        for table in (quantile(data, "minutes", design), score_medians(held)):
            assert ("ew clusters carry most of the weight:" in table.note()) is told
            assert ("少数几个群占了大部分权重：" in table.in_language("zh").note()) is told
        assert ("(u, v)" in quantile(data, "minutes", design, by="g").note()) is told
        assert ("（u、v）" in score_medians(held, by="g").in_language("zh").note()) is told
        assert "ew clusters" not in quantile(data, "minutes", design, interval=Student()).note()
