"""Which score predicts best: shares of variance, their differences and free weights, against other programs and formulas.

Authorities, and the tolerance each is held to:

* tests/reference/criterion.toml (R 4.2.2, survey 4.1: ``svycontrast`` of totals, ``svyglm``), a stratified cluster sample
  with weights, also with a single-cluster stratum: 1e-10 relative.
* statsmodels OLS and its HC0 errors, on 194 kiosk users kept beside the project and on random data: 1e-9 relative.
* The influence of a respondent on R², written out and summed per person or per cluster: 1e-9 relative.
* Olkin and Finn (1995), Psychological Bulletin 118, 155-164: the normal-theory error of a difference of two squared
  dependent correlations; and a parametric bootstrap. Both on 40,000 normal respondents, where the two errors must agree
  up to what chance leaves: 3%, and 6% for 3,000 replicates.
* scipy's ``pearsonr``.

Below these stand identities and hostile input.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from servqual import Bootstrap, Jackknife, Responses, SampleDesign, Student, criterion, estimate, load_instrument
from servqual.criterion import (
    FIT_REASONS,
    NEEDS,
    SCORES,
    PairTable,
    Score,
    WeightTable,
    compare_direct,
    compare_scores,
)
from servqual.explained import (
    Correlation,
    Explained,
    FreeWeights,
    adjusted_share,
    correlation_interval,
    share_below,
    share_interval,
    solve_definite,
)
from servqual.instruments import Dimension, Form, Instrument, Item, Outcome, Scale
from survey_design import DataError, SpecError

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
REL = 1e-9
FEW = settings(max_examples=5, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
ITEMS = ["a0", "a1", "b0", "b1"]
POINTS = {"a": 30, "b": 70}


def instrument(*forms: str) -> Instrument:
    """Items a0, a1, b0, b1 in dimensions a and b, asked as E_, P_, M_, D_ or X_ (direct), and three outcomes."""
    letters = {"expectation": "E", "perception": "P", "minimum": "M", "desired": "D", "disconfirmation": "X"}
    asked = tuple(Form(form, f"{letters[form]}_{{id}}") for form in forms or ("expectation", "perception"))
    items = tuple(Item(name, name[0], {"en": name.upper()}, {"en": "text"}) for name in ITEMS)
    dimensions = tuple(Dimension(d, {"en": f"Side {d}", "zh": f"维度{d}"}) for d in "ab")
    outcomes = (
        Outcome("quality", "quality", Scale(1, 7), {"en": "Overall quality", "zh": "总体质量"}, {}),
        Outcome("better", "better", Scale(-3, 3), {"en": "Better than expected", "zh": "比预期好"}, {}),
        Outcome("worth", "worth", Scale(0, 10), {"en": "Worth"}, {}),
    )
    return Instrument("small", "1", {"en": "small"}, "", Scale(1, 7), asked, dimensions, items, outcomes)


def answers(seed: int, n: int = 80, letters: str = "EP") -> pd.DataFrame:
    """Respondents with a common mood, so that scores explain something of the outcome."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            f"{letter}_{item}": np.clip(np.rint(4 + 0.9 * mood + rng.normal(0, 1.2, n)), 1, 7)
            for letter in letters
            for item in ITEMS
        }
    )
    frame["quality"] = np.clip(np.rint(4 + mood + rng.normal(0, 1.2, n)), 1, 7)
    frame["better"] = np.clip(np.rint(mood + rng.normal(0, 1, n)), -3, 3)
    frame["store"] = np.r_[np.arange(8), rng.integers(0, 8, n - 8)]
    frame["weight"] = rng.integers(1, 9, n) / 4
    return frame


def means(frame: pd.DataFrame, letter: str) -> pd.DataFrame:
    """Dimension scores of respondents and their mean."""
    parts = pd.DataFrame({d: frame[[f"{letter}_{d}0", f"{letter}_{d}1"]].mean(axis=1, skipna=False) for d in "ab"})
    return parts.assign(mean=parts.mean(axis=1, skipna=False))


def influence(y: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray]:
    """R² of y on x, and what each respondent contributes to its error, written out."""
    fit = sm.WLS(y, sm.add_constant(x), weights=w).fit()
    centred = (y - np.average(y, weights=w)) ** 2
    r2 = 1 - (w * fit.resid**2).sum() / (w * centred).sum()
    return r2, w * ((1 - r2) * centred - fit.resid**2) / (w * centred).sum()


# --- R's survey --------------------------------------------------------------------------------------------

R = tomllib.loads((REFERENCE / "criterion.toml").read_text(encoding="utf-8"))
DESIGN = SampleDesign("stratum", "cluster", "weight")


@pytest.mark.parametrize("block", ["strata_a_b", "all_adjust"])
def test_shares_differences_and_weights_of_r(block):
    data = pd.read_csv(REFERENCE / "design_small.csv")
    data = data[data["stratum"] != "C"] if block == "strata_a_b" else data
    shares = Explained("y", (("x",), ("gap1",), ("x", "gap1")), ((0, 1),))
    expected = {
        shares: ("r2_x", "r2_gap1", "r2_both", "r2_x_less_gap1"),
        FreeWeights("y", "x", "gap1"): ("weight_x", "weight_gap1", "weight_sum", "r2_both", "r2_difference_score"),
        Correlation("y", ("x",)): ("r_x",),
    }
    for statistic, names in expected.items():
        frame = estimate(data, statistic, DESIGN).to_frame()
        for name, (_, row) in zip(names, frame.iterrows(), strict=True):
            assert [row["estimate"], row["se"]] == pytest.approx(R[block][name], rel=1e-10), name
            assert row["df"] == R[block]["df"]
    assert R[block]["r2_both"][0] == pytest.approx(R[block]["r2_svyglm"], rel=1e-12)


# --- statsmodels -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kiosk(shared):
    return Responses(
        shared.frame("kiosk_servqual.csv"), load_instrument(HERE / "studies" / "kiosk-24.toml"), respondent="id"
    )


DIMENSIONS = {  # as the README of the data lists them
    "tangibles": [4, 5, 6, 22], "security": [19, 20, 21], "economy": [10, 11, 18], "convenience": [13, 14, 15, 16, 17],
    "usefulness": [1, 2, 3], "control": [7, 8],
}  # fmt: skip


@pytest.mark.parametrize("outcome", ["SAT1", "SAT2", "REUSE2"])
def test_kiosk_users_against_statsmodels(kiosk, shared, outcome):
    """R² of one score and of six dimensions, adjusted R², and the free weights of P and E."""
    data = shared.frame("kiosk_servqual.csv")
    found = compare_scores(kiosk, outcome)
    table = found.to_frame().set_index("score")
    scores = {letter: pd.DataFrame({d: data[[f"{letter}{k:02d}" for k in items]].mean(axis=1) for d, items in DIMENSIONS.items()})
              for letter in "EP"}  # fmt: skip
    scores["gap"] = scores["P"] - scores["E"]
    for name, frame in (("gap", scores["gap"]), ("performance", scores["P"]), ("expectation", scores["E"])):
        one = sm.OLS(data[outcome], sm.add_constant(frame.mean(axis=1))).fit()
        many = sm.OLS(data[outcome], sm.add_constant(frame)).fit()
        row = table.loc[name]
        assert [row["r2"], row["r2_dimensions"], row["r2_adjusted"]] == pytest.approx(
            [one.rsquared, many.rsquared, many.rsquared_adj], rel=REL
        )
        assert (row["n"], row["predictors"]) == (194, 6)
    both = pd.DataFrame({"P": scores["P"].mean(axis=1), "E": scores["E"].mean(axis=1)})
    fit = sm.OLS(data[outcome], sm.add_constant(both)).fit(cov_type="HC0")
    free = found.weights.to_frame().set_index("measure").loc["mean"]
    scale = np.sqrt(194 / 193)
    assert [free["perception"], free["expectation"], free["r2_free"]] == pytest.approx(
        [*fit.params[1:], fit.rsquared], rel=REL
    )
    assert [free["perception_se"], free["expectation_se"]] == pytest.approx(scale * fit.bse[1:].to_numpy(), rel=REL)
    tested = fit.t_test("P + E = 0")
    assert free["sum_se"] == pytest.approx(scale * tested.sd.item(), rel=REL)
    t = tested.effect.item() / tested.sd.item() / scale
    assert free["p"] == pytest.approx(2 * stats.t.sf(abs(t), 193), rel=1e-7)


@FEW
@given(SEEDS)
def test_adjusted_shares_and_free_weights_of_any_data(seed):
    frame = answers(seed)
    found = compare_scores(Responses(frame, instrument()), "quality", scores=["gap", "performance"])
    p, e = means(frame, "P"), means(frame, "E")
    many = sm.OLS(frame["quality"], sm.add_constant(p[["a", "b"]])).fit()
    assert found.to_frame().loc[1, "r2_adjusted"] == pytest.approx(many.rsquared_adj, rel=1e-8)
    assert adjusted_share(many.rsquared, 80, 2) == pytest.approx(many.rsquared_adj, rel=REL)
    for name, row in found.weights.to_frame().set_index("measure").iterrows():
        fit = sm.OLS(frame["quality"], sm.add_constant(pd.DataFrame({"P": p[name], "E": e[name]}))).fit()
        forced = sm.OLS(frame["quality"], sm.add_constant(p[name] - e[name])).fit()
        assert [row["perception"], row["expectation"]] == pytest.approx(fit.params[1:].tolist(), rel=1e-8, abs=1e-10)
        assert row["sum"] == pytest.approx(fit.params[1:].sum(), rel=1e-8, abs=1e-10)
        assert [row["r2_free"], row["r2_gap"]] == pytest.approx([fit.rsquared, forced.rsquared], rel=1e-8, abs=1e-10)
        assert row["lost"] >= -1e-12


# --- errors, written out -----------------------------------------------------------------------------------


@FEW
@given(SEEDS)
def test_the_error_of_a_difference_is_that_of_the_influence(seed):
    """Simple sample: squares of persons' influence. Clusters and weights: squares of the clusters' sums."""
    frame = answers(seed)
    p, e = means(frame, "P"), means(frame, "E")
    y, ones = frame["quality"].to_numpy(), np.ones(len(frame))
    design = SampleDesign(clusters="store", weight="weight")
    for plan, w in ((None, ones), (design, frame["weight"].to_numpy())):
        found = compare_scores(Responses(frame, instrument(), plan), "quality", scores=["gap", "performance"])
        for kind, columns in (("score", ["mean"]), ("dimensions", ["a", "b"])):
            row = found.pairs.row("performance", "gap", kind)
            r2p, up = influence(y, p[columns].to_numpy(), w)
            r2g, ug = influence(y, (p - e)[columns].to_numpy(), w)
            units = pd.Series(up - ug).groupby(frame["store"] if plan else frame.index).sum()
            m = len(units)
            assert row["difference"] == pytest.approx(r2p - r2g, rel=1e-8, abs=1e-12)
            assert row["se"] == pytest.approx(np.sqrt(m / (m - 1) * ((units - units.mean()) ** 2).sum()), rel=1e-7)
            assert row["df"] == m - 1
            half = stats.t.ppf(0.975, m - 1) * row["se"]
            assert [row["low"], row["high"]] == pytest.approx([row["difference"] - half, row["difference"] + half])
            assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["difference"] / row["se"]), m - 1), rel=1e-6)


RHO = np.array([[1.0, 0.6, 0.45], [0.6, 1.0, 0.7], [0.45, 0.7, 1.0]])  # y, x1, x2


def olkin_finn(rho: np.ndarray, n: int) -> float:
    """Large-sample error of r(y, x1)² − r(y, x2)² in normal data."""
    a, b, c = rho[0, 1], rho[0, 2], rho[1, 2]
    shared = (0.5 * (2 * c - a * b) * (1 - a**2 - b**2 - c**2) + c**3) / n
    return np.sqrt(4 * a**2 * (1 - a**2) ** 2 / n + 4 * b**2 * (1 - b**2) ** 2 / n - 8 * a * b * shared)


@pytest.fixture(scope="module")
def normal():
    draws = np.random.default_rng(12).multivariate_normal(np.zeros(3), RHO, 40_000)
    return pd.DataFrame(draws, columns=["y", "x1", "x2"])


def test_normal_data_have_the_error_of_olkin_and_finn(normal):
    frame = estimate(normal, Explained("y", (("x1",), ("x2",)), ((0, 1),))).to_frame()
    assert frame.loc[2, "se"] == pytest.approx(olkin_finn(np.corrcoef(normal.T), len(normal)), rel=0.03)
    for place, name in ((0, "x1"), (1, "x2")):
        r = stats.pearsonr(normal["y"], normal[name]).statistic
        assert frame.loc[place, "se"] == pytest.approx(2 * abs(r) * (1 - r**2) / np.sqrt(len(normal)), rel=0.03)


def test_normal_data_have_the_error_of_a_parametric_bootstrap(normal):
    n, draws = 400, 3000
    sample = np.random.default_rng(5).multivariate_normal(np.zeros(3), np.corrcoef(normal.T), (draws, n))
    centred = sample - sample.mean(axis=1, keepdims=True)
    gram = np.einsum("rni,rnj->rij", centred, centred)
    r2 = gram[:, 0, 1:] ** 2 / (gram[:, :1, 0] * np.stack([gram[:, 1, 1], gram[:, 2, 2]], axis=1))
    frame = estimate(normal, Explained("y", (("x1",), ("x2",)), ((0, 1),))).to_frame()
    ours = frame["se"].to_numpy() * np.sqrt(len(normal) / n)
    assert ours == pytest.approx([*r2.std(axis=0), (r2[:, 0] - r2[:, 1]).std()], rel=0.06)


def test_an_interval_of_a_correlation_is_fishers_in_normal_data(normal):
    """scipy's ``pearsonr`` interval rests on normal theory; ours on the data's own fourth moments."""
    theirs = stats.pearsonr(normal["y"], normal["x1"]).confidence_interval(0.95)
    row = estimate(normal, Correlation("y", ("x1",))).to_frame().iloc[0]
    low, high = correlation_interval(row["estimate"], row["se"], row["df"], 0.95)
    assert [float(low), float(high)] == pytest.approx([theirs.low, theirs.high], abs=3e-4)  # of a width of 0.0126


@FEW
@given(SEEDS)
def test_correlations_with_direct_answers(seed):
    frame = answers(seed)
    table = compare_direct(Responses(frame, instrument()), {"a": "better", "overall": "better"}).to_frame()
    p, e = means(frame, "P"), means(frame, "E")
    scores = {"gap": p - e, "performance": p, "expectation": e}
    for _, row in table.iterrows():
        own = scores[row["with_score"]]["a" if row["measure"] == "a" else "mean"]
        assert row["r"] == pytest.approx(stats.pearsonr(frame["better"], own).statistic, abs=1e-10)
        zx, zy = ((x - x.mean()) / x.std(ddof=0) for x in (frame["better"], own))
        part = (zx * zy - row["r"] / 2 * (zx**2 + zy**2)) / len(frame)
        assert row["se"] == pytest.approx(np.sqrt(80 / 79 * (part**2).sum()), rel=1e-7)
        half = stats.t.ppf(0.975, 79) * row["se"] / (1 - row["r"] ** 2)
        assert [row["low"], row["high"]] == pytest.approx(list(np.tanh(np.arctanh(row["r"]) + np.array([-half, half]))))
    assert table["with_score"].tolist() == ["gap", "performance", "expectation"] * 2


# --- identities --------------------------------------------------------------------------------------------


@FEW
@given(SEEDS)
def test_tables_agree_with_each_other(seed):
    found = compare_scores(Responses(answers(seed), instrument()), "quality", importance=POINTS)
    table = found.to_frame().set_index("score")
    measured = table[table["n"] > 0]
    assert measured["r2"].to_numpy() == pytest.approx(measured["r"].to_numpy() ** 2, rel=1e-8)
    assert (measured["r2_dimensions"] >= measured["r2"] - 1e-9).all()
    assert (measured["r2_adjusted"] <= measured["r2_dimensions"] + 1e-12).all()
    for _, pair in found.pairs.to_frame().iterrows():
        column = "r2" if pair["kind"] == "score" else "r2_dimensions"
        shares = [table.loc[pair["first"], column], table.loc[pair["second"], column]]
        assert [pair["r2_first"], pair["r2_second"]] == pytest.approx(shares, rel=1e-8)
        assert pair["difference"] == pytest.approx(shares[0] - shares[1], abs=1e-9)
        turned = found.pairs.row(pair["second"], pair["first"], pair["kind"])
        assert [turned["difference"], turned["r2_first"]] == pytest.approx([-pair["difference"], pair["r2_second"]])
        assert [turned["low"], turned["high"]] == pytest.approx([-pair["high"], -pair["low"]], nan_ok=True)
    weights = found.weights.to_frame().set_index("measure").loc["mean"]
    assert weights["r2_gap"] == pytest.approx(table.loc["gap", "r2"], rel=1e-8)
    assert weights["sum"] == pytest.approx(weights["perception"] + weights["expectation"], rel=1e-9, abs=1e-12)


@FEW
@given(SEEDS, st.sampled_from([-3.0, 0.5, 20.0]))
def test_units_of_the_outcome_do_not_matter(seed, unit):
    frame = answers(seed).assign(other=lambda f: unit * f["quality"] - 7)
    one, other = (compare_scores(Responses(frame, instrument()), name) for name in ("quality", "other"))
    shown = ["r2", "se", "low", "high", "r2_dimensions", "r2_adjusted"]
    pd.testing.assert_frame_equal(one.to_frame()[shown], other.to_frame()[shown], rtol=1e-7, atol=1e-9)
    numbers = ["difference", "se", "low", "high", "p"]
    pd.testing.assert_frame_equal(one.pairs.to_frame()[numbers], other.pairs.to_frame()[numbers], rtol=1e-6, atol=1e-9)
    assert other.to_frame()["r"].dropna().tolist() == pytest.approx(
        (np.sign(unit) * one.to_frame()["r"].dropna()).tolist()
    )
    ratio = other.weights.to_frame()["perception"] / one.weights.to_frame()["perception"]
    assert ratio.tolist() == pytest.approx([unit] * 3, rel=1e-6)


def test_the_same_score_in_another_unit_differs_by_nothing():
    """The ideal at the top of the scale, and equal points, say nothing new."""
    found = compare_scores(Responses(answers(1), instrument()), "quality", importance={"a": 5, "b": 5}, ideal=7)
    for one, other in (("evaluated", "performance"), ("weighted_gap", "gap"), ("weighted_performance", "performance")):
        for kind in ("score", "dimensions"):
            row = found.pairs.row(one, other, kind)
            assert (row["difference"], row["reason"], np.isnan(row["low"])) == (0, "same", True)
    assert found.sentence("evaluated", "performance").startswith(
        "Evaluated performance and SERVPERF are the same score in another"
    )
    assert "仅单位不同" in found.in_language("zh").sentence("evaluated", "performance")


def test_fixed_points_move_the_score_but_not_its_dimensions():
    found = compare_scores(Responses(answers(2), instrument()), "quality", importance={"a": 90, "b": 10})
    assert found.pairs.row("weighted_gap", "gap", "dimensions")["reason"] == "same"
    assert found.pairs.row("weighted_gap", "gap")["se"] > 0
    alone = (
        compare_scores(Responses(answers(2), instrument()), "quality", importance={"a": 1, "b": 0})
        .to_frame()
        .set_index("score")
    )
    assert alone.loc["weighted_performance", "predictors"] == 1
    assert alone.loc["weighted_performance", "r2_dimensions"] == pytest.approx(alone.loc["weighted_performance", "r2"])


def test_everybodys_own_points_weigh_their_own_scores():
    frame = answers(3).assign(pa=lambda f: (f["store"] * 7 + 20).astype(float), pb=lambda f: 80 - f["store"] * 7)
    frame.loc[:2, ["pa", "pb"]] = [[np.nan, 50], [120, -20], [40, 40]]  # incomplete, negative, adding up to 80
    found = compare_scores(Responses(frame, instrument()), "quality", importance={"a": "pa", "b": "pb"})
    kept, p, e = frame[3:], means(frame, "P")[3:], means(frame, "E")[3:]
    table = found.to_frame().set_index("score")
    assert (found.n, found.dropped) == (77, 3)
    for name, scores in (("weighted_performance", p), ("weighted_gap", p - e)):
        parts = pd.DataFrame({d: kept[f"p{d}"] / 100 * scores[d] for d in "ab"})
        one = sm.OLS(kept["quality"], sm.add_constant(parts.sum(axis=1))).fit()
        many = sm.OLS(kept["quality"], sm.add_constant(parts)).fit()
        assert table.loc[name, ["r2", "r2_dimensions"]].tolist() == pytest.approx(
            [one.rsquared, many.rsquared], rel=REL
        )
    plain = sm.OLS(kept["quality"], sm.add_constant(p["mean"])).fit()
    assert table.loc["performance", "r2"] == pytest.approx(plain.rsquared, rel=REL)  # the same 77 people


def test_totals_may_average_items():
    three = replace(instrument(), items=instrument().items[:3])
    frame = answers(4).drop(columns=["E_b1", "P_b1"])
    items = (
        compare_scores(Responses(frame, three), "quality", scores=["performance"], total="items")
        .to_frame()
        .loc[0, "r2"]
    )
    fit = sm.OLS(frame["quality"], sm.add_constant(frame[["P_a0", "P_a1", "P_b0"]].mean(axis=1))).fit()
    assert items == pytest.approx(fit.rsquared, rel=REL)
    dimensions = compare_scores(Responses(frame, three), "quality", scores=["performance"]).to_frame().loc[0, "r2"]
    assert abs(dimensions - items) > 1e-4


def test_the_zone_of_tolerance_and_direct_answers_are_scores_too():
    asked = instrument("perception", "minimum", "desired", "disconfirmation")
    frame = answers(5, letters="PMDX")
    found = compare_scores(Responses(frame, asked), "quality", ideal=5)
    table = found.to_frame().set_index("score")
    scores = {letter: means(frame, letter) for letter in "PMDX"}
    by_hand = {
        "adequacy": scores["P"] - scores["M"],
        "superiority": scores["P"] - scores["D"],
        "direct": scores["X"] - 4,
        "evaluated": means(-(frame[[f"P_{item}" for item in ITEMS]] - 5).abs(), "P"),
    }
    for name, parts in by_hand.items():
        one = sm.OLS(frame["quality"], sm.add_constant(parts["mean"])).fit()
        many = sm.OLS(frame["quality"], sm.add_constant(parts[["a", "b"]])).fit()
        assert table.loc[name, ["r2", "r2_dimensions"]].tolist() == pytest.approx(
            [one.rsquared, many.rsquared], rel=REL
        )
    assert found.weights is None
    assert table.loc[["gap", "expectation", "weighted_gap"], "reason"].tolist() == [f"needs {name}" for name in ("gap", "expectation", "weighted_gap")]  # fmt: skip
    better = (
        compare_scores(Responses(answers(5), instrument()), "quality", direct="better").to_frame().set_index("score")
    )
    one = sm.OLS(answers(5)["quality"], sm.add_constant(answers(5)["better"])).fit()
    assert better.loc["direct", ["r2", "r2_dimensions"]].tolist() == pytest.approx([one.rsquared] * 2, rel=REL)


def test_one_reference_score():
    found = compare_scores(Responses(answers(6), instrument()), "quality", against="performance")
    every = compare_scores(Responses(answers(6), instrument()), "quality")
    frame = found.pairs.to_frame()
    assert set(frame["second"]) == {"performance"}
    assert frame["first"].tolist() == ["gap", "expectation"] * 2
    for name in ("difference", "se", "p"):
        assert found.pairs.row("performance", "gap")[name] == pytest.approx(every.pairs.row("performance", "gap")[name])
    assert len(found.sentences()) == 3
    assert all("SERVPERF" in text for text in found.sentences()[:2])


# --- base, replicates, reasons -----------------------------------------------------------------------------


def test_all_scores_rest_on_the_same_people():
    frame = answers(7)
    frame.loc[:4, "E_a0"] = np.nan
    frame.loc[5:6, "quality"] = np.nan
    found = compare_scores(Responses(frame, instrument()), "quality")
    assert (found.n, found.dropped) == (73, 7)
    whole = frame.dropna()
    fit = sm.OLS(whole["quality"], sm.add_constant(means(whole, "P")["mean"])).fit()
    assert found.to_frame().set_index("score").loc["performance", "r2"] == pytest.approx(fit.rsquared, rel=REL)
    alone = compare_scores(Responses(frame, instrument()), "quality", scores=["performance"])
    assert (alone.n, alone.dropped, len(alone.pairs.frame)) == (78, 2, 0)
    row = alone.to_frame().iloc[0]
    bounds = " to ".join(f"{100 * row[end]:.0f}" for end in ("low", "high"))
    assert alone.sentences() == [
        f"SERVPERF explains {100 * row['r2']:.0f}% of the differences in overall quality (95% CI {bounds}; n = 78)."
    ]
    assert alone.in_language("zh").sentence("performance").startswith("SERVPERF 解释了总体质量差异的 ")
    assert "80 of 80 rows kept" in alone.note()
    assert "73 respondents; 7 of 80 lack" in found.note()
    assert "73 位受访者；80 位中有 7 位" in found.in_language("zh").note()


def test_replicates_agree_with_linearisation_and_repeat_themselves():
    given_ = Responses(answers(8, n=160), instrument(), SampleDesign(clusters="store"))
    tables = [compare_scores(given_, "quality", scores=["gap", "performance"], interval=way).pairs.row("performance", "gap")
              for way in (None, Jackknife(), Bootstrap(2000, seed=1), Bootstrap(2000, seed=1, percentile=True))]  # fmt: skip
    taylor, jackknife, bootstrap, percentile = tables
    assert [row["difference"] for row in tables] == pytest.approx([taylor["difference"]] * 4)
    assert jackknife["se"] == pytest.approx(taylor["se"], rel=0.25)  # seven degrees of freedom
    assert bootstrap["se"] == pytest.approx(taylor["se"], rel=0.25)
    assert percentile["se"] == bootstrap["se"]
    assert percentile["low"] < percentile["difference"] < percentile["high"]
    again = compare_scores(
        given_, "quality", scores=["gap", "performance"], interval=Bootstrap(2000, seed=1, percentile=True)
    )
    assert again.pairs.row("performance", "gap")["low"] == percentile["low"]
    shares = again.to_frame()
    assert (
        (shares["low"] >= 0)
        & (shares["high"] <= 1)
        & (shares["r_low"] < shares["r"])
        & (shares["r"] < shares["r_high"])
    ).all()


def test_a_share_near_zero_has_an_interval_from_zero_and_says_so():
    frame = answers(9).assign(noise=np.random.default_rng(1).integers(1, 8, 80))
    for way in (None, Student(), Bootstrap(200, seed=2), Bootstrap(200, seed=2, percentile=True)):
        found = compare_scores(Responses(frame, instrument()), "noise", scores=["gap", "performance"], interval=way)
        table = found.to_frame()
        assert table["reason"].tolist() == ["boundary"] * 2
        assert table[["low", "r2_dimensions_low"]].to_numpy().tolist() == [[0.0, 0.0]] * 2
        assert (table["r2_dimensions_high"] >= table["r2_dimensions"]).all()
        assert found.pairs.to_frame()["reason"].tolist() == ["boundary"] * 2
    said = found.sentence("performance", "gap") + found.sentence("gap") + found.to_string()
    assert "the interval of an R² begins at 0: that score may explain nothing" in said
    assert "percentile=True" not in said
    assert "R² comes out high, by about k/(n − 1)" in found.note()
    chinese = found.in_language("zh")
    assert "有 R² 的区间从 0 起，该得分可能毫无解释力" in chinese.sentence("gap")
    assert "R² 偏高" in chinese.note()


def test_the_interval_of_one_scores_share_is_that_of_its_correlation_squared():
    for way in (None, Bootstrap(200, seed=2, percentile=True)):
        found = compare_scores(Responses(answers(9), instrument()), "quality", interval=way).to_frame()
        for row in found.dropna(subset=["r2"]).to_dict("records"):
            ends = sorted((row["r_low"] ** 2, row["r_high"] ** 2))
            if row["r_low"] <= 0 <= row["r_high"]:
                ends[0] = 0.0
            assert [row["low"], row["high"]] == pytest.approx(ends, abs=1e-12)


@pytest.mark.parametrize(
    ("share", "truth", "n", "k"), [(0.2, 0.0, 30, 3), (0.2, 0.2, 30, 3), (0.5, 0.35, 80, 6), (0.05, 0.1, 400, 2)]
)
def test_the_distribution_of_a_share_is_a_noncentral_f_whose_noncentrality_varies(share, truth, n, k):
    """Given the predictors, F is noncentral by ``truth/(1 − truth)`` times a chi-squared variable with n − 1."""
    f = share / k / ((1 - share) / (n - k - 1))

    def below(probability):
        return stats.ncf(k, n - k - 1, truth / (1 - truth) * stats.chi2(n - 1).ppf(probability)).cdf(f)

    want = stats.f(k, n - k - 1).cdf(f) if truth == 0 else quad(below, 0, 1, epsabs=1e-9, limit=200)[0]
    assert share_below(share, truth, n, k) == pytest.approx(want, abs=1e-6)


def test_the_distribution_of_a_share_is_that_of_drawn_samples():
    generator, n, k, truth = np.random.default_rng(7), 40, 5, 0.2
    x = generator.normal(size=(4000, n, k))
    y = np.sqrt(truth / k) * x.sum(axis=2) + np.sqrt(1 - truth) * generator.normal(size=(4000, n))
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    shared = np.einsum("snk,sn->sk", x, y)
    weights = np.linalg.solve(np.einsum("snk,snl->skl", x, x), shared[..., None])[..., 0]
    shares = (weights * shared).sum(axis=1) / (y**2).sum(axis=1)
    for share in (0.15, 0.3, 0.45):
        assert (shares < share).mean() == pytest.approx(share_below(share, truth, n, k), abs=0.024)  # 3 SD


def test_an_interval_of_a_share_begins_at_zero_where_the_f_test_does_not_reject():
    n, k = 60, 5
    for share in (0.02, 0.1, 0.18, 0.19, 0.2, 0.21, 0.22, 0.25, 0.4):
        se = 2 * np.sqrt(share / n) * (1 - share)  # as in normal data: the design is that of n independent respondents
        low, high = share_interval(share, se, np.inf, n, k, 0.95)
        rejects = stats.f(k, n - k - 1).sf(share / k / ((1 - share) / (n - k - 1))) < 0.025
        assert (low > 0) == rejects
        assert low <= share <= high < 1
        if rejects:
            assert share_below(share, low, n, k) == pytest.approx(0.975, abs=1e-7)
        wide = share_interval(share, 2 * se, np.inf, n, k, 0.95)  # a design effect of 4
        assert wide == pytest.approx(share_interval(share, se, np.inf, 15, k, 0.95), rel=1e-6, abs=1e-9)
    assert np.isnan(share_interval(0.3, 0.4, 9.0, n, k, 0.95)).all()  # worth less than k + 2 respondents
    assert np.isnan(share_interval(1.0, 0.0, 59.0, n, k, 0.95)).all()


@pytest.mark.parametrize("truth", [0.0, 0.083])
def test_intervals_of_shares_near_zero_hold_the_truth(truth):
    """Quantiles of replicates held 0 never and .083 in 66%; the normal interval about one score's R² in 87%."""
    generator, n, k, held = np.random.default_rng(11), 60, 5, []
    names = tuple(f"x{j}" for j in range(k))
    for _ in range(250):
        x = generator.normal(size=(n, k))
        y = np.sqrt(truth / k) * x.sum(axis=1) + np.sqrt(1 - truth) * generator.normal(size=n)
        frame = pd.DataFrame(np.column_stack([x, y]), columns=[*names, "y"])
        row = estimate(frame, Explained("y", (names,))).to_frame().iloc[0]
        low, high = share_interval(row["estimate"], row["se"], row["df"], n, k, 0.95)
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.91  # 250 studies: 3 SD


def test_every_missing_number_has_its_reason():
    flat = answers(10).assign(**{f"E_{item}": 7 for item in ITEMS})
    found = compare_scores(Responses(flat, instrument()), "quality")
    table = found.to_frame().set_index("score")
    assert table.loc["expectation", "reason"] == "no variation"
    assert found.pairs.row("gap", "performance")["reason"] == "same"  # less a constant
    assert found.pairs.row("expectation", "gap")["reason"] == "no variation"
    assert found.weights.to_frame()["reason"].tolist() == ["no variation"] * 3
    tied = answers(10).assign(P_b0=lambda f: f["P_a0"], P_b1=lambda f: f["P_a1"])
    found = compare_scores(Responses(tied, instrument()), "quality")
    row = found.to_frame().set_index("score").loc["performance"]
    assert (row["reason"], np.isnan(row["r2_dimensions"]), row["r2"] > 0) == ("collinear", True, True)
    assert found.pairs.row("performance", "gap", "dimensions")["reason"] == "collinear"
    assert found.pairs.row("performance", "gap")["se"] > 0
    exact = answers(10).assign(copy=lambda f: means(f, "P")["mean"])
    row = compare_scores(Responses(exact, instrument()), "copy", scores=["performance"]).to_frame().iloc[0]
    assert (row["r2"], row["reason"]) == (pytest.approx(1), "exact")
    lone = Responses(answers(10).assign(store=1), instrument(), SampleDesign(clusters="store"))
    assert set(compare_scores(lone, "quality", scores=["gap", "performance"]).to_frame()["reason"]) == {"one cluster"}
    small = compare_scores(Responses(answers(10, n=8).iloc[:4], instrument()), "quality", scores=["gap", "performance"])
    assert np.isfinite(small.to_frame()["r2"]).all()
    for result in (found, found.pairs, found.weights):
        frame = result.to_frame()
        last = frame.columns[frame.columns.isin(["r2", "difference", "sum"])][0]
        assert (frame.loc[frame[last].isna(), "reason"] != "").all()


def test_what_was_not_measured_says_what_it_needs():
    alone = Responses(answers(11).filter(regex="^(P_|quality)"), instrument("perception"))
    table = compare_scores(alone, "quality")
    assert table.to_frame()["score"].tolist() == ["performance", *[name for name in SCORES if name != "performance"]]
    assert "not measured; needs expectation and perception of the same people" in table.to_string()
    assert "未测量；需要同一受访者的期望与感知" in table.in_language("zh").to_string()
    assert table.sentence("gap").startswith(
        "The gap: no share can be given (not measured; needs expectation and perception"
    )
    assert table.in_language("zh").sentence("gap").startswith("差距得分：无法计算（未测量")
    with pytest.raises(SpecError, match="gap needs expectation and perception of the same people; adequacy needs"):
        compare_scores(alone, "quality", scores=["gap", "adequacy", "performance"])
    with pytest.raises(SpecError, match="weighted_gap needs importance= points"):
        compare_scores(Responses(answers(11), instrument()), "quality", against="weighted_gap")
    files = alone.joined_with(Responses(answers(12).filter(regex="^E_"), instrument("expectation")))
    found = compare_scores(files, "quality").to_frame().set_index("score")
    assert found.loc["gap", "reason"] == "needs gap"
    assert found.loc["performance", "r2"] == pytest.approx(table.to_frame().loc[0, "r2"])


def test_answers_that_agree_completely_have_no_interval():
    frame = answers(13)
    frame["better"] = np.sign(means(frame, "P")["a"] - means(frame, "E")["a"])
    frame["P_a0"], frame["P_a1"] = 4.0, 4.0
    frame["E_a0"], frame["E_a1"] = 4 - frame["better"], 4 - frame["better"]
    table = compare_direct(Responses(frame, instrument()), {"a": "better"})
    rows = table.to_frame().set_index("with_score")
    assert (rows.loc["gap", "r"], rows.loc["gap", "reason"]) == (pytest.approx(1), "exact")
    assert (np.isnan(rows.loc["performance", "r"]), rows.loc["performance", "reason"]) == (True, "no variation")
    assert table.sentence("a", "performance").startswith("Side a: no correlation can be given (the same for everyone")
    assert "a correlation of ±1 has no interval" in table.sentence("a", "gap")
    three = compare_direct(Responses(answers(13).iloc[:3], instrument()), "better").to_frame()
    assert three["reason"].tolist() == ["few"] * 3


# --- how results show themselves ---------------------------------------------------------------------------

PAIR = {"kind": "score", "first": "performance", "second": "gap", "r2_first": 0.41, "r2_second": 0.29, "difference": 0.12,
        "se": 0.035, "low": 0.05, "high": 0.19, "n": 1200, "df": 1199, "p": 0.001, "p_adjusted": 0.001, "reason": ""}  # fmt: skip
QUALITY = {"en": "Overall quality", "zh": "总体质量"}


def test_sentences_of_pairs():
    pairs = PairTable(pd.DataFrame([PAIR]), outcome=QUALITY)
    assert pairs.sentence("performance", "gap") == (
        "SERVPERF explains 41% of the differences in overall quality, the gap 29%: 12 points more (95% CI 5 to 19; n = 1,200)."
    )
    assert pairs.sentence("gap", "performance") == (
        "The gap explains 29% of the differences in overall quality, SERVPERF 41%: 12 points less (95% CI −19 to −5; n = 1,200)."
    )
    zh = pairs.in_language("zh")
    assert zh.sentence("performance", "gap") == (
        "SERVPERF 解释了总体质量差异的 41%，差距得分解释 29%：高 12 个百分点（95% 置信区间 5 至 19；n = 1,200）。"
    )
    unclear = PairTable(
        pd.DataFrame([{**PAIR, "difference": 0.01, "low": -0.06, "kind": "dimensions"}]), outcome=QUALITY
    )
    assert "SERVPERF by dimension explains" in unclear.sentence("performance", "gap", "dimensions")
    assert "1 point more, which may be chance (95% CI −6 to 19" in unclear.sentence("performance", "gap", "dimensions")
    assert "可能出于偶然" in unclear.in_language("zh").sentence("performance", "gap", "dimensions")
    weak = PairTable(pd.DataFrame([{**PAIR, "p": 0.04, "p_adjusted": 0.12}]), outcome=QUALITY)
    assert "(95% CI 5 to 19; not beyond chance after correction, p = .120; n = 1,200)" in weak.sentence(
        "performance", "gap"
    )
    assert "按各对校正后不显著，p = .120" in weak.in_language("zh").sentence("performance", "gap")
    lost = PairTable(pd.DataFrame([{**PAIR, "difference": np.nan, "reason": "collinear"}]), outcome=QUALITY)
    assert (
        lost.sentence("performance", "gap")
        == "SERVPERF and the gap cannot be compared (its parts say the same: no regression on them)."
    )
    assert lost.in_language("zh").sentence("performance", "gap").startswith("SERVPERF 与差距得分：无法比较（")


def test_sentences_of_weights_and_agreement():
    found = compare_scores(Responses(answers(14, n=300), instrument()), "quality", scores=["gap", "performance"])
    row = found.weights.to_frame().set_index("measure").loc["mean"]
    text = found.weights.sentence()
    assert text.startswith(
        f"Overall (mean): overall quality moves {row['perception']:+.2f} points per point of perception"
    )
    assert ("is rejected" in text) == (row["p"] < 0.05)
    assert "自由回归解释" in found.in_language("zh").weights.sentence("a")
    assert found.sentences()[-1] == text
    weak = WeightTable(found.weights.frame.assign(p_adjusted=0.4), outcome=QUALITY, instrument=instrument())
    assert "is not rejected (p = .400" in weak.sentence("b")
    assert "不能拒绝" in weak.in_language("zh").sentence("b")
    direct = compare_direct(Responses(answers(14), instrument()), "better")
    assert direct.sentence("overall").startswith("Better than expected: direct disconfirmation and the gap correlate ")
    assert (
        direct.in_language("zh")
        .sentence("overall", "performance")
        .startswith("比预期好：直接测量与 SERVPERF 的相关为 ")
    )


def test_both_languages_hold_the_same_numbers():
    found = compare_scores(
        Responses(answers(15), instrument(), SampleDesign(selection="quota")), "quality", importance=POINTS
    )
    zh = found.in_language("zh")
    direct = compare_direct(Responses(answers(15), instrument()), "better")
    for one, other in (
        (found, zh),
        (found.pairs, zh.pairs),
        (found.weights, zh.weights),
        (direct, direct.in_language("zh")),
    ):
        assert one.to_csv() == other.to_csv()
        assert all(
            any("\u4e00" <= letter <= "\u9fff" for letter in text)
            for text in (other.title(), other.note(), other.to_string())
        )
        assert not {"low", "high", "score", "difference", "predictors", "first", "with"} & set(other.shown().columns)
        assert "No margin of error" in one.note()
        assert "不是抽样误差范围" in other.note()
    assert "forced to be equal and opposite" in found.note()
    for words in (*SCORES.values(), *NEEDS.values(), *FIT_REASONS.values()):
        assert set(words) == {"en", "zh"}
    assert set(SCORES) == set(NEEDS) == set(get_args(Score))


def test_nothing_the_caller_gave_is_changed():
    responses = Responses(answers(16), instrument())
    before = responses.frame.copy()
    points = dict(POINTS)
    compare_scores(responses, "quality", importance=points, ideal=6, direct="better")
    compare_direct(responses, "better")
    pd.testing.assert_frame_equal(responses.frame, before)
    assert points == POINTS


# --- hostile input -----------------------------------------------------------------------------------------


def test_outcomes_that_cannot_be_explained():
    given_ = Responses(answers(17).assign(flat=3, word="good"), instrument())
    with pytest.raises(DataError, match="Did you mean 'quality'"):
        compare_scores(given_, "qualty")
    with pytest.raises(DataError, match="no column 'worth'"):
        compare_scores(given_, "worth")
    with pytest.raises(DataError, match="80 values that are not numbers, such as 'good'"):
        compare_scores(given_, "word")
    with pytest.raises(DataError, match="everyone gave the same answer to 'flat'"):
        compare_scores(given_, "flat")
    for name, direct in (("P_a0", None), ("better", "better"), ("better", {"a": "better"})):
        with pytest.raises(SpecError, match="part of a score, which would then explain itself"):
            compare_scores(given_, name, direct=direct)
    few = Responses(answers(17).assign(quality=[5, 6, 7, *[np.nan] * 77]), instrument())
    with pytest.raises(DataError, match=r"3 of 80 respondents of .* at least 4 are needed"):
        compare_scores(few, "quality")


def test_arguments_that_cannot_be():
    given_ = Responses(answers(18).assign(pa=10, pb=20), instrument())
    with pytest.raises(SpecError, match="scores='servperf' is not known"):
        compare_scores(given_, "quality", scores=["servperf"])
    with pytest.raises(SpecError, match="against='servperf' is not known"):
        compare_scores(given_, "quality", against="servperf")
    with pytest.raises(SpecError, match="against='gap' is not among the scores compared: performance"):
        compare_scores(given_, "quality", scores=["performance"], against="gap")
    with pytest.raises(SpecError, match="none of the scores"):
        compare_scores(given_, "quality", scores=[])
    with pytest.raises(SpecError, match="importance must give points to each of a, b"):
        compare_scores(given_, "quality", importance={"a": 100})
    with pytest.raises(SpecError, match="importance must name a column for each of a, b"):
        compare_scores(given_, "quality", importance={"a": "pa"})
    with pytest.raises(DataError, match="no column 'pc'"):
        compare_scores(given_, "quality", importance={"a": "pa", "b": "pc"})
    with pytest.raises(DataError, match="nobody gave points to all of pa, pb that add up to 100"):
        compare_scores(given_, "quality", importance={"a": "pa", "b": "pb"})
    with pytest.raises(SpecError, match="level=95"):
        compare_scores(given_, "quality", level=95)
    with pytest.raises(SpecError, match="adjust="):
        compare_scores(given_, "quality", adjust="tukey")
    with pytest.raises(SpecError, match="total="):
        compare_direct(given_, "better", total="all")
    with pytest.raises(SpecError, match="different scales"):
        compare_scores(
            Responses(answers(18).assign(worth=5), instrument()), "quality", direct={"a": "better", "b": "worth"}
        )
    expecting = Responses(answers(18, letters="EX"), instrument("expectation", "disconfirmation"))
    assert compare_direct(expecting).to_frame()["with_score"].unique().tolist() == ["expectation"]
    with pytest.raises(SpecError, match="nothing to compare with"):
        compare_direct(Responses(answers(18, letters="X"), instrument("disconfirmation")))
    found = compare_scores(given_, "quality")
    for call in (
        lambda: found.sentence("gap", "direct"),
        lambda: found.sentence("servperf"),
        lambda: found.weights.sentence("c"),
        lambda: found.pairs.row("gap", "performance", "all"),
    ):
        with pytest.raises(SpecError):
            call()


@FEW
@given(SEEDS, st.integers(1, 6))
def test_elimination_solves_what_numpy_solves(seed, k):
    rng = np.random.default_rng(seed)
    factors, right = rng.normal(size=(5, k, k + 3)), rng.normal(size=(5, k))
    matrix = factors @ np.swapaxes(factors, 1, 2)
    assert solve_definite(matrix, right) == pytest.approx(
        np.linalg.solve(matrix, right[..., None])[..., 0], rel=1e-6, abs=1e-8
    )


def test_scores_fitted_one_by_one_or_together_are_the_same(monkeypatch):
    """Many respondents are fitted pair by pair, to spare memory."""
    given_ = Responses(answers(20), instrument(), SampleDesign(clusters="store"))
    together = compare_scores(given_, "quality", importance=POINTS)
    monkeypatch.setattr(criterion, "_TOGETHER", 0)
    apart = compare_scores(given_, "quality", importance=POINTS)
    pd.testing.assert_frame_equal(together.to_frame(), apart.to_frame(), rtol=1e-8)
    pd.testing.assert_frame_equal(together.pairs.to_frame(), apart.pairs.to_frame(), rtol=1e-7, atol=1e-12)


def test_student_may_be_asked_for_under_a_design():
    frame = answers(19)
    one = compare_scores(Responses(frame, instrument()), "quality")
    other = compare_scores(
        Responses(frame, instrument(), SampleDesign(clusters="store")), "quality", interval=Student()
    )
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), rtol=1e-9)
