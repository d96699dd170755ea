"""What lies between stores: against published tables, statsmodels, scipy and loops over rows, and what must hold for any answers."""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from servqual.cfa import confirm_factors
from servqual.correlations import ItemMatrix
from servqual.instruments import load_instrument
from servqual.levels import group_reliability, two_levels, wanted_column
from servqual.levels.reliability import LEVEL_REASONS
from servqual.levels.structure import PAIR_REASONS, VERDICTS, WITHIN_REASONS, _OneFactor, general_factor
from servqual.levels.sums import (
    GroupSums,
    Split,
    icc_interval,
    jackknife_icc,
    jackknife_interval,
    mean_reliability,
    members_needed,
    within_agreement,
)
from servqual.moments import one_blas_thread
from servqual.plots import new_axes
from servqual.responses import Responses
from servqual.streams import stream_responses
from survey_design.errors import DataError, SpecError
from survey_design.results import say
from survey_design.sampling import SampleDesign

mpl.use("Agg")
LAVAAN = tomllib.loads((Path(__file__).parent / "reference" / "invariance.toml").read_text(encoding="utf-8"))["general"]
PERF = load_instrument("servperf-22")
COLUMNS = PERF.columns("perception")  # item -> column
HOMES = {d.id: [item.id for item in PERF.items if item.dimension == d.id] for d in PERF.dimensions}


def answers(sizes, *, seed: int = 1, between: float = 0.5, ways: int = 1, missing: float = 0.0) -> pd.DataFrame:
    """Answers from 1 to 7 of stores that differ in one way, or in one way per dimension."""
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(len(sizes)), sizes)
    stores = rng.normal(0, between, (len(sizes), 5 if ways > 1 else 1))[store]
    people = rng.normal(0, 0.5, (len(store), 1)) + rng.normal(0, 0.6, (len(store), 5))
    home = [list(HOMES).index(item.dimension) for item in PERF.items]
    mean = np.broadcast_to(stores, (len(store), 5))[:, home] + people[:, home]
    values = np.clip(np.rint(5 + mean + rng.normal(0, 0.8, mean.shape)), 1, 7)
    frame = pd.DataFrame(values, columns=[COLUMNS[item.id] for item in PERF.items])
    frame = frame.mask(rng.random(frame.shape) < missing)
    return frame.assign(store=[f"S{k:03d}" for k in store])


def scores(frame: pd.DataFrame, dimension: str | None = None) -> pd.Series:
    """Mean of a dimension's items, or of all, of those who answered them all."""
    names = HOMES[dimension] if dimension else list(COLUMNS)
    return frame[[COLUMNS[name] for name in names]].mean(axis=1, skipna=False).dropna()


UNEVEN = [5, 9, 30, 2, 14, 1, 22, 8, 40, 11, 6, 17]


# --- one-way analysis of variance ------------------------------------------------------------------------------


def test_shrout_and_fleiss_1979_as_groups_of_four():
    """Table 2 and 4 of the paper: ICC(1,1) .17, ICC(1,4) .44; mean squares 11.24 and 6.26."""
    table = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    sums = GroupSums.of_rows(table.reshape(-1, 1), np.repeat(np.arange(6), 4))
    split = sums.split
    assert split.ms_between[0, 0] == pytest.approx(11.24, abs=0.005)
    assert split.within[0, 0] == pytest.approx(6.26, abs=0.005)
    assert (round(split.icc1[0], 2), round(float(mean_reliability(split.icc1[0], 4)), 2)) == (0.17, 0.44)


def test_icc_and_interval_agree_with_psych(shared):
    found = shared.oracle("agreement_icc_shrout_fleiss.json")["results"]["icc"]
    table = shared.frame("raters_shrout_fleiss_1979.csv").iloc[:, 1:].to_numpy(float)
    sums = GroupSums.of_rows(table.reshape(-1, 1), np.repeat(np.arange(6), 4))
    split = sums.split
    low, high = icc_interval(sums.n, sums.mean, np.diagonal(split.within))
    assert split.icc1[0] == pytest.approx(found["ICC1_1"]["icc"], abs=1e-10)
    assert split.f[0] == pytest.approx(found["ICC1_1"]["F"], abs=1e-10)
    assert [low[0], high[0]] == pytest.approx(found["ICC1_1"]["ci95"], abs=1e-8)
    assert mean_reliability(split.icc1[0], split.n0) == pytest.approx(found["ICC1_k"]["icc"], abs=1e-10)
    assert list(mean_reliability(np.r_[low, high], 4)) == pytest.approx(found["ICC1_k"]["ci95"], abs=1e-7)


def test_components_agree_with_statsmodels_reml_for_equal_groups():
    import statsmodels.formula.api as smf

    frame = answers([9] * 14, between=0.6, seed=3)
    row = group_reliability(Responses(frame, PERF)).row("assurance")
    data = pd.DataFrame({"y": scores(frame, "assurance"), "store": frame["store"]})
    with one_blas_thread():
        fit = smf.mixedlm("y ~ 1", data, groups="store").fit(reml=True, gtol=1e-10)
    assert row["variance_between"] == pytest.approx(float(fit.cov_re.iloc[0, 0]), rel=1e-4)
    assert row["variance_within"] == pytest.approx(float(fit.scale), rel=1e-4)


def test_f_agrees_with_scipy_for_unequal_groups_and_gaps_in_answers():
    from scipy.stats import f_oneway

    frame = answers(UNEVEN, missing=0.04, seed=4)
    found = group_reliability(Responses(frame, PERF))
    for name in (*HOMES, "all"):
        score, row = scores(frame, None if name == "all" else name), found.row(name)
        parts = [part.to_numpy() for _, part in score.groupby(frame["store"])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # groups of one
            test = f_oneway(*parts)
        assert (row["f"], row["p"]) == pytest.approx((test.statistic, test.pvalue), rel=1e-9)
        assert (row["n"], row["groups"], row["n_dropped"]) == (len(score), len(parts), len(frame) - len(score))
        assert (row["df1"], row["df2"]) == (len(parts) - 1, len(score) - len(parts))


def test_students_of_thirteen_faculties_agree_with_r(shared):
    """``anova(lm(y ~ faculty))`` of R 4.2.2, and both ICC from its mean squares; faculties of 26 to 458 students."""
    table = shared.frame("univ_orientation.csv")
    sums = GroupSums.of_rows(
        table[["informat", "compete"]].to_numpy(float), pd.factorize(table["faculty"], sort=True)[0]
    )
    assert sums.split.f == pytest.approx([51.0132168354, 47.0378226668], rel=1e-10)
    assert sums.split.n0 == pytest.approx(159.518815971, rel=1e-10)
    assert sums.split.icc1 == pytest.approx([0.238690076002, 0.223966605856], rel=1e-10)


def test_unequal_groups_by_hand():
    """Three groups of 2, 3 and 5: sums of squares, n0 and both ICC written out."""
    frame = pd.DataFrame({column: [2, 4, 3, 3, 6, 5, 7, 6, 6, 6] for column in COLUMNS.values()})
    frame["store"] = list("aabbbccccc")
    row = group_reliability(Responses(frame, PERF), method="exact").row("REL1")
    within = (1 + 1) + (1 + 1 + 4) + (1 + 1)
    between = 2 * (3 - 4.8) ** 2 + 3 * (4 - 4.8) ** 2 + 5 * (6 - 4.8) ** 2
    msb, msw, n0 = between / 2, within / 7, (10 - (4 + 9 + 25) / 10) / 2
    assert row["n0"] == pytest.approx(n0)
    assert row["icc1"] == pytest.approx((msb - msw) / (msb + (n0 - 1) * msw))
    assert row["icc2"] == pytest.approx(1 - msw / msb)
    assert row["deff"] == pytest.approx(1 + (38 / 10 - 1) * row["icc1"])
    assert (row["smallest"], row["largest"], row["n"]) == (2, 5, 10)
    assert row["icc2_smallest"] == pytest.approx(2 * row["icc1"] / (1 + row["icc1"]))


def test_exact_bounds_solve_the_equation_of_the_whole_covariance_matrix():
    """Residual sum of squares under ``V = I + θ ZZ'``, by generalised least squares over all rows, is what F says it is."""
    from scipy.stats import f

    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(7), [3, 9, 4, 15, 2, 6, 1])
    y = rng.normal(size=7)[group] * 0.7 + rng.normal(size=len(group))
    sums = GroupSums.of_rows(y[:, None], group)
    within = sums.split.ss_within[0, 0]
    z = (group[:, None] == np.arange(7)).astype(float)
    for bound, share in zip(
        icc_interval(sums.n, sums.mean, np.diagonal(sums.split.within)), (0.975, 0.025), strict=True
    ):
        theta = bound[0] / (1 - bound[0])
        inverse = np.linalg.inv(np.eye(len(y)) + theta * z @ z.T)
        one = np.ones(len(y))
        mean = one @ inverse @ y / (one @ inverse @ one)
        quadratic = (y - mean) @ inverse @ (y - mean) - within
        assert quadratic / 6 / (within / (len(y) - 7)) == pytest.approx(f.ppf(share, 6, len(y) - 7), rel=1e-8)


def test_the_estimate_and_its_intervals_keep_their_promise_in_simulated_stores():
    """1,500 columns of 30 unequal stores with ICC(1) = .15: unbiased, and both intervals cover 95% within four errors (of coverage)."""
    rng = np.random.default_rng(6)
    sizes, columns, rho = rng.integers(4, 40, 30), 1500, 0.15
    group = np.repeat(np.arange(30), sizes)
    y = np.sqrt(rho) * rng.normal(size=(30, columns))[group] + np.sqrt(1 - rho) * rng.normal(size=(len(group), columns))
    found, exact, jackknife = [], 0, 0
    for part in np.array_split(y, columns // 15, axis=1):
        sums = GroupSums.of_rows(part, group)
        variance_between = np.diagonal(sums.split.between)
        found.append(variance_between)
        low, high = icc_interval(sums.n, sums.mean, np.diagonal(sums.split.within))
        exact += int(((low <= rho) & (rho <= high)).sum())
        low, high = jackknife_icc(sums)
        jackknife += int(((low <= rho) & (rho <= high)).sum())
    between = np.concatenate(found)
    assert abs(between.mean() - rho) < 4 * between.std() / np.sqrt(columns)
    error = np.sqrt(0.95 * 0.05 / columns)
    assert abs(exact / columns - 0.95) < 4 * error
    assert abs(jackknife / columns - 0.95) < 4 * error + 0.01  # an approximation


def test_where_stores_differ_with_heavy_tails_the_jackknife_is_the_better_interval():
    rng = np.random.default_rng(7)
    group, rho = np.repeat(np.arange(40), 12), 0.2
    stores = rng.standard_t(5, size=(40, 600)) / np.sqrt(5 / 3)
    y = np.sqrt(rho) * stores[group] + np.sqrt(1 - rho) * rng.normal(size=(len(group), 600))
    covered = np.zeros(2)
    for part in np.array_split(y, 40, axis=1):
        sums = GroupSums.of_rows(part, group)
        both = icc_interval(sums.n, sums.mean, np.diagonal(sums.split.within)), jackknife_icc(sums)
        covered += [((low <= rho) & (rho <= high)).sum() for low, high in both]
    assert covered[1] > covered[0] + 0.02 * 600
    assert covered[1] > 0.87 * 600


# --- what must hold for any answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_between_and_within_add_up_to_all(seed):
    rng = np.random.default_rng(seed)
    group = np.r_[np.arange(6), rng.integers(0, 6, 40)]
    rows = rng.normal(size=(46, 4)) @ rng.normal(size=(4, 4)) + rng.normal(size=(6, 4))[group]
    split = GroupSums.of_rows(rows, group).split
    away = rows - rows.mean(axis=0)
    assert split.ss_between + split.ss_within == pytest.approx(away.T @ away, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_leaving_a_group_out_is_computing_without_it(seed):
    rng = np.random.default_rng(seed)
    group = np.r_[np.arange(5), np.arange(5), rng.integers(0, 5, 30)]
    rows = 100 + rng.normal(size=(40, 3))
    parts = GroupSums.of_rows(rows, group).without_each()
    for left_out in range(5):
        keep = group != left_out
        alone = GroupSums.of_rows(rows[keep], pd.factorize(group[keep], sort=True)[0]).split
        assert parts.between[left_out] == pytest.approx(alone.between, rel=1e-8, abs=1e-10)
        assert parts.within[left_out] == pytest.approx(alone.within, rel=1e-8, abs=1e-10)
        assert parts.icc1[left_out] == pytest.approx(alone.icc1, rel=1e-8, abs=1e-10)
        assert parts.n0[left_out] == pytest.approx(alone.n0)


def test_scores_of_dimensions_are_scores_of_rows():
    rng = np.random.default_rng(8)
    group, rows, weights = np.repeat(np.arange(4), 6), rng.normal(size=(24, 5)), rng.normal(size=(5, 2))
    one, other = GroupSums.of_rows(rows, group).combined(weights), GroupSums.of_rows(rows @ weights, group)
    assert one.mean == pytest.approx(other.mean)
    assert one.within == pytest.approx(other.within)


def test_turned_answers_and_names_of_stores_change_nothing():
    frame = answers(UNEVEN, seed=9)
    turned = (8 - frame.drop(columns="store")).assign(store=frame["store"].map(lambda name: name[::-1]))
    turned = turned.sample(frac=1, random_state=1).reset_index(drop=True)
    one, other = (group_reliability(Responses(each, PERF)) for each in (frame, turned))
    numbers = one.frame.select_dtypes("number").columns
    assert one.frame[numbers].to_numpy() == pytest.approx(
        other.frame[numbers].to_numpy(), rel=1e-8, abs=1e-10, nan_ok=True
    )
    assert one.every_item["icc1"].to_numpy() == pytest.approx(other.every_item["icc1"].to_numpy(), rel=1e-8)


def test_design_and_stream_change_nothing_but_the_note(tmp_path):
    frame = answers(UNEVEN, seed=10)
    frame["tier"] = np.where(frame["store"] < "S006", "core", "street")
    frame["day"] = np.arange(len(frame)) % 3
    plain = group_reliability(Responses(frame, PERF))
    design = SampleDesign(strata="tier", clusters=("store", "day"), selection="probability")
    other = group_reliability(Responses(frame, PERF, design))
    assert other.frame["icc1"].to_numpy() == pytest.approx(plain.frame["icc1"].to_numpy(), rel=1e-9)
    assert (plain.cautious, other.cautious) == (True, False)
    frame.astype(dict.fromkeys(COLUMNS.values(), int)).to_parquet(tmp_path / "answers.parquet")
    streamed = group_reliability(stream_responses(tmp_path / "answers.parquet", PERF))
    assert streamed.frame["icc1_high"].to_numpy() == pytest.approx(plain.frame["icc1_high"].to_numpy(), rel=1e-9)


def test_needed_interviews_are_just_enough():
    rho = np.array([0.02, 0.05, 0.1, 0.31])
    for wanted in (0.7, 0.8, 0.95):
        number = members_needed(rho, wanted)
        assert (mean_reliability(rho, number) >= wanted - 1e-12).all()
        assert (mean_reliability(rho, number - 1) < wanted).all()
    assert members_needed(np.array([0.0, -0.1, np.nan]), 0.8).tolist()[:2] == [np.inf, np.inf]


def test_agreement_within_groups_row_by_row():
    frame = answers([4, 7, 1, 9], seed=11)
    found = group_reliability(Responses(frame, PERF))
    uniform = np.var(np.arange(1, 8))  # of answers 1 to 7, all alike likely
    for name, items in (("empathy", HOMES["empathy"]), ("REL2", ["REL2"])):
        each = []
        for _, part in frame.groupby("store"):
            if len(part) > 1:
                share = min(float(np.mean([part[COLUMNS[item]].var() for item in items])) / uniform, 1.0)
                each.append(len(items) * (1 - share) / (len(items) * (1 - share) + share))
        row = found.row(name)
        assert row["r_wg"] == pytest.approx(np.median(each))
        assert row["agreed"] == pytest.approx(np.mean(np.array(each) >= 0.7))
    assert within_agreement(np.array([2.0, 1.0]), np.array([[9.0], [1.0]]), 7)[0] == 0.0  # worse than at random
    assert np.isnan(within_agreement(np.array([2.0, 1.0]), np.array([[9.0], [1.0]]), 7)[1])


def test_the_jackknife_of_a_mean_is_students_interval():
    from scipy.stats import t

    x = np.random.default_rng(12).normal(size=15)
    parts = (x.sum() - x) / 14
    low, high = jackknife_interval(np.array(x.mean()), parts, 0.9)
    assert (float(low), float(high)) == pytest.approx(t.interval(0.9, 14, x.mean(), x.std(ddof=1) / np.sqrt(15)))


# --- the table -------------------------------------------------------------------------------------------------


def test_the_table_says_its_base_method_and_words_in_both_languages():
    frame = answers(UNEVEN, missing=0.03, seed=13)
    frame.loc[[0, 50], "store"] = None
    found = group_reliability(Responses(frame, PERF))
    assert found.method == "jackknife"
    assert list(found.frame["scale"]) == [*HOMES, "all"]
    assert list(found.items().frame["item"]) == [item.id for item in PERF.items]
    assert (found.frame["n"] + found.frame["n_dropped"] == len(frame) - 2).all()
    zh = found.in_language("zh")
    assert "2 rows name no group" in found.note()
    assert "2 行未注明组别" in zh.note()
    assert "jackknife" in found.note()
    assert "刀切法" in zh.note()
    assert "ICC(1)" in found.sentence()
    assert "All items, by store" in found.sentence()
    assert zh.sentence("tangibles").startswith("有形性（按 store）：")
    assert found.sentence("REL1").startswith(say(PERF.item("REL1").label, "en"))
    assert found.items().sentence("REL1") == found.sentence("REL1")
    assert zh.title().startswith("各 store 有无差异")
    for words in (*LEVEL_REASONS.values(), *PAIR_REASONS.values(), *WITHIN_REASONS.values(), *VERDICTS.values()):
        assert set(words) == {"en", "zh"}
    estimate = found.estimate("all", "icc2")
    assert estimate.low < estimate.value < estimate.high
    assert found.row("all")["icc2_low"] == pytest.approx(
        mean_reliability(found.row("all")["icc1_low"], found.row("all")["n0"])
    )


def test_few_groups_have_exact_intervals_and_a_warning():
    found = group_reliability(Responses(answers([12] * 5, seed=14), PERF))
    assert found.method == "exact"
    assert "5 groups tell little" in found.note()
    assert "5 groups of 12 respondents each" in found.note()
    assert "仅 5 个组" in found.in_language("zh").note()
    assert group_reliability(Responses(answers([12] * 5, seed=14), PERF), method="jackknife").method == "jackknife"
    two = group_reliability(
        Responses(answers([12] * 2, seed=14), PERF), method="jackknife"
    )  # falls back: one group left tells nothing
    assert np.isfinite(two.row("all")["icc1_low"])


def test_weights_are_left_out_and_their_cost_is_told():
    frame = answers([10, 14, 20, 8], seed=15)
    frame["w"] = np.random.default_rng(1).uniform(0.5, 3, len(frame))
    plain = group_reliability(Responses(frame, PERF))
    weighted = group_reliability(Responses(frame, PERF, SampleDesign(weight="w")))
    assert weighted.frame["icc1"].to_numpy() == pytest.approx(plain.frame["icc1"].to_numpy(), rel=1e-9)
    deff = np.mean([len(w) * (w**2).sum() / w.sum() ** 2 for _, w in frame.groupby("store")["w"]])
    assert f"{1 / deff:.0%} of the interviews" in weighted.note()
    assert "未使用权数" in weighted.in_language("zh").note()
    frame["w"] = frame["store"].map({name: k + 1.0 for k, name in enumerate(sorted(frame["store"].unique()))})
    assert "everybody counts once;" in group_reliability(Responses(frame, PERF, SampleDesign(weight="w"))).note()


def test_gaps_have_no_uniform_null():
    both = load_instrument("servqual-22")
    perceived = answers([10] * 6, seed=16)
    frame = perceived.rename(columns={COLUMNS[item.id]: both.column("perception", item.id) for item in PERF.items})
    rng = np.random.default_rng(2)
    for item in both.items:
        frame[both.column("expectation", item.id)] = rng.integers(4, 8, len(frame))
    found = group_reliability(Responses(frame, both), of="gap")
    assert found.frame["r_wg"].isna().all()
    assert "r_wg" not in found.note()
    assert "r_wg, median" not in found.shown().columns
    own = frame[both.column("perception", "EMP1")] - frame[both.column("expectation", "EMP1")]
    means = own.groupby(frame["store"]).mean()
    assert found.row("EMP1")["f"] == pytest.approx(10 * means.var() / own.groupby(frame["store"]).var().mean())
    assert two_levels(Responses(frame, both), of="gap").of == "gap"


# --- answers that allow little ---------------------------------------------------------------------------------


def test_one_group_groups_of_one_and_wrong_calls_are_refused():
    frame = answers([6, 6], seed=17)
    with pytest.raises(DataError, match="has 1 group"):
        group_reliability(Responses(frame.assign(store="only"), PERF))
    with pytest.raises(DataError, match="one member") as told:
        group_reliability(Responses(frame.assign(store=np.arange(12)), PERF))
    assert len(told.value.cases) == 12
    with pytest.raises(DataError):
        group_reliability(Responses(frame, PERF), by="shop")
    with pytest.raises(SpecError, match="wanted"):
        group_reliability(Responses(frame, PERF), wanted=(0.7, 1.2))
    with pytest.raises(SpecError, match="method"):
        group_reliability(Responses(frame, PERF), method="bayes")
    with pytest.raises(SpecError, match="gap"):
        group_reliability(Responses(frame, PERF), of="gap")
    with pytest.raises(SpecError, match="no row 'price'"):
        group_reliability(Responses(frame, PERF)).row("price")
    with pytest.raises(SpecError, match="one column"):
        group_reliability(Responses(frame.assign(month=1), PERF), by=["store", "month"])
    with pytest.raises(SpecError, match="Rename"):
        group_reliability(Responses(frame.assign(icc1=frame["store"]), PERF), by="icc1")


def test_constant_items_and_stores_of_one_mind_have_a_reason():
    frame = answers([6, 8, 9, 4], seed=18)
    frame[COLUMNS["REL1"]] = 5
    for item in HOMES["tangibles"]:
        frame[COLUMNS[item]] = frame["store"].map({"S000": 3, "S001": 4, "S002": 6, "S003": 7})
    found = group_reliability(Responses(frame, PERF))
    constant, alike = found.row("REL1"), found.row("tangibles")
    assert (constant["reason"], alike["reason"]) == ("constant", "no within")
    assert np.isnan(constant["icc1"])
    assert np.isnan(constant["p"])
    assert alike["icc1"] == 1
    assert np.isnan(alike["f"])
    assert np.isnan(alike["icc1_low"])
    assert "all answers are the same" in found.sentence("REL1")
    assert "回答全部相同" in found.in_language("zh").sentence("REL1")
    assert "answer alike" in found.sentence("tangibles")
    assert "no more than chance" not in found.sentence("tangibles")
    assert "差异全在组间" in found.in_language("zh").sentence("tangibles")
    with pytest.raises(DataError, match="do not vary within groups"):
        two_levels(Responses(frame, PERF))


def test_a_negative_icc_stays_negative_and_is_told():
    frame = pd.DataFrame(
        {column: [1, 4, 7] * 12 for column in COLUMNS.values()}
    )  # every store holds the same three answers
    frame["store"] = np.repeat(np.arange(12), 3)
    found = group_reliability(Responses(frame, PERF))
    row = found.row("all")
    assert row["icc1"] == pytest.approx(-0.5)  # the least that groups of three can have
    assert (row["reason"], row["sd_between"]) == ("negative", 0.0)
    assert row["variance_between"] < 0
    assert row["needed_80"] == np.inf
    assert "no number of interviews" in found.sentence()
    assert "−0.500" in found.sentence()
    assert "再多访问也不能" in found.in_language("zh").sentence()
    exact = group_reliability(Responses(frame, PERF), method="exact").row("all")
    assert exact["icc1_low"] == pytest.approx(-0.5)
    assert exact["icc1_high"] == pytest.approx(-0.5)


def test_an_interval_that_hangs_on_one_store_is_missing_with_a_reason():
    frame = answers([1, 1, 1, 1, 3], between=2.0, seed=33)
    found = group_reliability(Responses(frame, PERF), method="jackknife")
    odd = found.every_item[found.every_item["icc1_low"].isna()]
    assert len(odd) == 22
    assert set(odd["reason"]) <= {"unstable", "negative", "constant", "no within"}
    assert "unstable" in set(odd["reason"])
    assert "hangs on a single group" in found.items().to_string()
    exact = group_reliability(Responses(frame, PERF), method="exact")
    assert exact.every_item["icc1_low"].notna().any()


def test_a_dimension_that_one_store_alone_answered_has_a_reason():
    frame = answers([5, 6, 7], seed=19)
    frame.loc[frame["store"] != "S000", COLUMNS["EMP1"]] = np.nan
    found = group_reliability(Responses(frame, PERF))
    assert found.row("empathy")["reason"] == "no complete"
    assert found.row("empathy")["n"] == 5
    assert found.row("tangibles")["reason"] in ("", "negative")
    assert "无法计算" in found.in_language("zh").sentence("empathy")
    with pytest.raises(DataError, match="three groups"):
        two_levels(Responses(frame, PERF))


# --- two levels ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_way():
    frame = answers(np.random.default_rng(3).integers(8, 30, 70), between=0.6, seed=20)
    return frame, two_levels(Responses(frame, PERF))


def test_within_is_the_covariance_of_deviations_from_the_stores_mean(one_way):
    frame, found = one_way
    values = frame[list(COLUMNS.values())]
    away = values - values.groupby(frame["store"]).transform("mean")
    within = away.T @ away / (len(frame) - 70)
    assert found.within_items.to_numpy() == pytest.approx(within.to_numpy(), rel=1e-9, abs=1e-10)
    sizes = frame["store"].value_counts()
    n0 = (len(frame) - (sizes**2).sum() / len(frame)) / 69
    mean = values.groupby(frame["store"]).mean() - values.mean()
    between = (mean.mul(sizes.reindex(mean.index), axis=0).T @ mean / 69 - within.to_numpy()) / n0
    assert found.between_items.to_numpy() == pytest.approx(between.to_numpy(), rel=1e-8, abs=1e-10)
    assert (found.n, found.groups, found.n0) == (len(frame), 70, pytest.approx(n0))


def test_the_model_within_is_that_of_answers_less_their_stores_mean(one_way):
    frame, found = one_way
    values = frame[list(COLUMNS.values())]
    away = values - values.groupby(frame["store"]).transform("mean")
    matrix = ItemMatrix.from_matrix(
        away.cov(), len(frame), list(COLUMNS), dimensions=[item.dimension for item in PERF.items]
    )
    other = confirm_factors(matrix)
    assert found.within is not None
    assert found.within.proper
    assert found.within.loadings.to_numpy() == pytest.approx(other.loadings.to_numpy(), abs=1e-5)
    ratio = (len(frame) - 69) / len(frame)  # respondents less groups, and one, for respondents
    assert found.within.indices.chi2 == pytest.approx(other.indices.chi2 * ratio, rel=1e-4)


def test_store_level_correlations_from_rows_and_by_leaving_stores_out(one_way):
    frame, found = one_way
    data = pd.DataFrame({name: scores(frame, name) for name in ("tangibles", "empathy")}).assign(store=frame["store"])

    def between_r(part: pd.DataFrame) -> float:
        sizes, means = part["store"].value_counts(), part.groupby("store").mean()
        n0 = (len(part) - (sizes**2).sum() / len(part)) / (len(sizes) - 1)
        values = part.drop(columns="store")
        away = (values - values.groupby(part["store"]).transform("mean")).to_numpy()
        within = away.T @ away / (len(part) - len(sizes))
        apart = (means - values.mean()).to_numpy()
        cov = ((apart * sizes.reindex(means.index).to_numpy()[:, None]).T @ apart / (len(sizes) - 1) - within) / n0
        return float(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]))

    row = found.frame[(found.frame["first"] == "tangibles") & (found.frame["second"] == "empathy")].iloc[0]
    parts = np.array([between_r(data[data["store"] != name]) for name in sorted(data["store"].unique())])
    low, high = (float(each) for each in jackknife_interval(np.array(between_r(data)), parts, 0.95))
    assert (row["between"], row["between_low"], row["between_high"]) == pytest.approx(
        (between_r(data), low, high), rel=1e-6
    )
    assert row["means"] == pytest.approx(data.groupby("store").mean().corr().iloc[0, 1])


def test_stores_that_differ_in_one_way_or_in_several(one_way):
    _, found = one_way
    assert found.outcome == "general"
    assert found.share > 0.9
    assert found.general is not None
    assert found.frame["between"].min() > found.frame["within"].max()
    assert "one general level" in found.sentence()
    assert "一个总体水平" in found.in_language("zh").sentence()
    assert sum(found.eigenvalues) == pytest.approx(5)
    several = two_levels(Responses(answers([20] * 70, between=0.6, ways=5, seed=21), PERF))
    assert several.outcome == "several"
    assert several.share < 0.5
    assert abs(several.frame["between"]).max() < 0.5
    assert "several ways" in several.sentence()
    assert "不止一个方面" in several.in_language("zh").sentence()
    assert "CFI" in several.note()
    assert "组内 5 因子模型" in several.in_language("zh").note()
    assert len(several.item_eigenvalues) == 22


def test_too_few_stores_no_differences_and_flat_dimensions_are_told():
    few = two_levels(Responses(answers([15] * 20, between=0.6, seed=22), PERF))
    assert (few.outcome, few.general) == ("few", None)
    assert "20 groups (fewer than 50)" in few.sentence()
    assert "仅 20 个组" in few.in_language("zh").sentence()
    assert "eigenvalues" in few.note()
    assert "ICC(1)" in few.note()
    none = two_levels(Responses(answers([15] * 60, between=0.0, seed=23), PERF))
    assert none.outcome == "none"
    assert "beyond chance" in none.sentence()
    assert "未超出偶然" in none.in_language("zh").sentence()
    frame = answers([15] * 60, between=0.6, seed=24)
    frame[[COLUMNS[item] for item in HOMES["empathy"]]] = (
        np.tile([1, 2, 3, 4, 5] * 3, 60)[:, None]
        + np.random.default_rng(1).permuted(np.tile([0, 1], (900, 3)), axis=1)[:, :5]
    )
    flat = two_levels(Responses(frame, PERF))
    assert (flat.outcome, flat.flat) == ("flat", ("empathy",))
    assert set(flat.frame.loc[flat.frame["second"] == "empathy", "reason"]) == {"flat"}
    assert "移情性" in flat.in_language("zh").sentence()


def test_two_levels_refuse_what_they_cannot_do():
    frame = answers([6] * 12, seed=25)
    with pytest.raises(SpecError, match="least_groups"):
        two_levels(Responses(frame, PERF), least_groups=1)
    with pytest.raises(SpecError, match="mostly"):
        two_levels(Responses(frame, PERF), mostly=1.5)
    alone = replace(PERF, dimensions=(), items=tuple(replace(item, dimension="") for item in PERF.items))
    with pytest.raises(SpecError, match="two or more dimensions"):
        two_levels(Responses(frame, alone))


def test_items_that_repeat_each_other_leave_no_model_within():
    frame = answers([8] * 12, seed=26)
    frame[COLUMNS["REL2"]] = frame[COLUMNS["REL1"]]
    found = two_levels(Responses(frame, PERF))
    assert (found.within, found.within_reason) == (None, "not definite")
    assert found.frame["factors"].isna().all()
    assert "not positive definite" in found.note()
    assert "非正定" in found.in_language("zh").note()


def test_correlations_between_stores_are_those_of_the_simulated_truth_and_not_of_the_means():
    """Over 150 chains of 80 stores: unbiased within four errors, while correlations of raw means are pulled to those within."""
    rng = np.random.default_rng(31)
    truth = 0.1 * np.array([[1, 0.8, 0.5], [0.8, 1, 0.3], [0.5, 0.3, 1]])
    group, found, raw = np.repeat(np.arange(80), rng.integers(6, 30, 80)), [], []
    for _ in range(150):
        stores = rng.multivariate_normal(np.zeros(3), truth, 80)
        sums = GroupSums.of_rows(stores[group] + rng.normal(size=(len(group), 3)), group)
        found.append(sums.split.between[np.tril_indices(3)])
        raw.append(np.corrcoef(sums.mean.T)[1, 0])
    error = np.std(found, axis=0) / np.sqrt(150)
    assert (np.abs(np.mean(found, axis=0) - truth[np.tril_indices(3)]) < 4 * error).all()
    assert np.mean(raw) < 0.6


# --- one factor between stores ---------------------------------------------------------------------------------


def exact_split(between: np.ndarray, groups: int = 120, n0: float = 20.0) -> Split:
    """Sums that are just what the truth makes them on average."""
    within = np.full((5, 5), 0.3) + 0.7 * np.eye(5)
    df2 = groups * (n0 - 1)
    return Split(groups - 1, df2, n0, (within + n0 * between) * (groups - 1), within * df2)


def test_one_factor_is_found_exactly_where_it_is_the_truth():
    loading = np.array([0.5, 0.4, 0.35, 0.3, 0.45])
    truth = np.outer(loading, loading) + np.diag([0.02, 0.03, 0.05, 0.04, 0.01])
    found = general_factor(exact_split(truth))
    assert found is not None
    assert (found.df, found.chi2) == (5, pytest.approx(0, abs=1e-5))
    assert found.loadings == pytest.approx(loading / np.sqrt(np.diagonal(truth)), abs=1e-4)
    assert found.srmr < 1e-4
    worse = truth.copy()
    worse[0, 1] = worse[1, 0] = worse[0, 1] - 0.1
    refused = general_factor(exact_split(worse))
    assert refused is not None
    assert refused.p < 0.001
    assert refused.srmr > 0.02
    three = exact_split(truth)
    assert (
        general_factor(Split(three.df1, three.df2, three.n0, three.ss_between[:3, :3], three.ss_within[:3, :3])) is None
    )


@pytest.mark.parametrize("k", [4, 5])
def test_one_factor_between_faculties_of_equal_size_agrees_with_lavaan(shared, k):
    """lavaan divides what lies between groups by their number; general_factor() by the number less one, as in REML."""
    asked = ["informat", "willingn", "officeho", "compete", "global"]
    groups, size = LAVAAN["groups"]
    frame = shared.frame("univ_orientation.csv").dropna(subset=["faculty", *asked])
    frame = frame[
        (frame.groupby("faculty").cumcount() < size) & (frame.groupby("faculty")["age"].transform("size") >= size)
    ]
    own = GroupSums.of_rows(
        frame[asked[:k]].to_numpy(float), frame["faculty"].astype("category").cat.codes.to_numpy()
    ).split
    found = general_factor(Split(own.df1 + 1, own.df2, own.n0, own.ss_between, own.ss_within))
    assert (own.df1 + 1, own.n0) == (groups, size)
    assert found.loadings == pytest.approx(LAVAAN[f"loadings_{k}"], abs=1e-5)
    if k == 4:  # with five the covariance between groups has a negative root, which lavaan's saturated model can't have
        assert np.linalg.eigvalsh(own.between)[0] > 0
        assert (found.chi2, found.df) == pytest.approx(LAVAAN["fit_4"], abs=1e-5)


def test_slopes_of_the_likelihood_are_its_derivatives():
    from scipy.optimize import approx_fprime

    rng = np.random.default_rng(27)
    rows = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4))
    split = GroupSums.of_rows(rows, np.repeat(np.arange(12), 5)).split
    problem = _OneFactor(split.within, split.ms_between, split.df2, split.df1, split.n0)
    theta = problem.start(split.between) + 0.1
    assert problem.value(theta)[1] == pytest.approx(approx_fprime(theta, lambda x: problem.value(x)[0], 1e-7), abs=1e-5)


def test_the_test_of_one_factor_has_the_chi_square_it_claims():
    """Mean over 120 simulated chains: 5, the degrees of freedom, within four errors and half a point for small samples."""
    rng = np.random.default_rng(28)
    loading = np.array([0.5, 0.4, 0.35, 0.3, 0.45])
    truth = np.outer(loading, loading) + 0.04 * np.eye(5)
    group, found = np.repeat(np.arange(100), 15), []
    with one_blas_thread():
        for _ in range(120):
            stores = rng.multivariate_normal(np.zeros(5), truth, 100)
            one = general_factor(GroupSums.of_rows(stores[group] + rng.normal(size=(1500, 5)), group).split)
            found.append(one.chi2 if one else np.nan)
    assert abs(np.mean(found) - 5) < 4 * np.sqrt(10 / 120) + 0.5


# --- the picture -----------------------------------------------------------------------------------------------


def drawn(ax, label: str) -> np.ndarray:
    return np.asarray(next(each for each in ax.collections if each.get_label() == label).get_offsets())


def test_the_picture_shows_the_table():
    found = group_reliability(Responses(answers(UNEVEN, seed=29, between=0.7), PERF))
    ax = found.plot(new_axes())
    beside = ax.child_axes[0]
    assert drawn(ax, "icc1")[:, 0] == pytest.approx(found.frame["icc1"].to_numpy())
    for wanted in found.wanted:
        name = wanted_column(wanted)
        assert drawn(beside, name)[:, 0] == pytest.approx(found.frame[name].to_numpy())
    line = next(each for each in beside.lines if each.get_label() == "present")
    assert line.get_xdata()[0] == pytest.approx(found.row("all")["n0"])
    zh = found.in_language("zh").plot(new_axes())
    assert [each.get_text() for each in zh.get_yticklabels()][-1] == "全部题项"
    assert "每组访问数（对数坐标）" in [each.get_text() for each in zh.child_axes[0].texts]


def test_the_picture_of_stores_that_do_not_differ_says_so():
    found = group_reliability(Responses(answers([8] * 15, between=0.0, seed=30), PERF))
    ax = found.plot(new_axes())
    assert len(drawn(ax.child_axes[0], "beyond")) > 0
    lows = found.frame["icc1"] <= 0
    assert sum("less than chance" in each.get_text() for each in ax.texts) == lows.sum() > 0
    nothing = replace(found, frame=found.frame.assign(icc1=np.nan))
    with pytest.raises(SpecError, match="at least one ICC"):
        nothing.plot(new_axes())
