"""Is the ruler of ordered answers the same? Exact populations, lavaan in one group, scipy on a small case, and chance itself."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.optimize import minimize
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import kstest

from servqual.cfa import confirm_factors
from servqual.cfa.model import plan_model
from servqual.correlations import item_matrix, polychoric_gamma
from servqual.instruments import Dimension, Form, Instrument, Item
from servqual.invariance import Invariance, OrderedSample, fit_ordered, invariance, nested_test, plan_ordered
from servqual.invariance.ordered import STEPS, ordered_indices
from servqual.moments import one_blas_thread
from servqual.plots import new_axes
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError
from survey_design.questionnaire import Scale
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Model = dict[str, list[str]]
MODEL: Model = {"care": ["c1", "c2", "c3"], "speed": ["s1", "s2", "s3"]}
ITEMS = [item for own in MODEL.values() for item in own]
LOADINGS = np.array([1, 0.8, 1.2, 1, 0.9, 0.7])
LAVAAN = tomllib.loads((Path(__file__).parent / "reference" / "invariance.toml").read_text(encoding="utf-8"))["ordered"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with one_blas_thread():
        yield


def instrument_of(model: Model, low: int, high: int) -> Instrument:
    def words(name: str) -> dict[str, str]:
        return {"en": name, "zh": f"{name}项"}

    items = tuple(Item(i, name, words(i), words(i)) for name, own in model.items() for i in own)
    dimensions = tuple(Dimension(name, words(name)) for name in model)
    return Instrument(
        "made", "1", {"en": "made"}, "", Scale(low, high), (Form("perception", "{id}"),), dimensions, items
    )


def answers(seed: int, n: int = 300, *, cut: float = 0.0, level: float = 0.0, groups: int = 2) -> pd.DataFrame:
    """Ordered answers from 1 to 4. In the last group c2 has another middle threshold, and s2 another level."""
    rng, frames = np.random.default_rng(seed), []
    for group in range(groups):
        last = group == groups - 1
        spread = np.array([[1, 0.4], [0.4, 1]]) * (1 + 0.3 * group)
        factors = rng.multivariate_normal([0.3 * group, -0.2 * group], spread, n)
        behind = np.repeat(factors, 3, axis=1) * [0.9, 0.8, 0.7, 0.9, 0.8, 0.7] + 0.7 * rng.normal(size=(n, 6))
        cuts = np.tile([-1.0, 0.0, 1.1], (6, 1))
        cuts[1, 1] += cut * last
        cuts[4] -= level * last
        given = [np.digitize(behind[:, j], cuts[j]) + 1 for j in range(6)]
        frames.append(pd.DataFrame(np.stack(given, axis=1), columns=ITEMS).assign(group=f"g{group}"))
    return pd.concat(frames, ignore_index=True)


def found_in(frame: pd.DataFrame, **asked: Any) -> Invariance:
    return invariance(
        Responses(frame, instrument_of(MODEL, 1, 4)), by="group", **{"kind": "polychoric", "model": MODEL} | asked
    )


def population(groups: int, cuts: int, step: str, seed: int) -> tuple[list[OrderedSample], Array]:
    """Exact thresholds and correlations of groups that are equal up to a step, and the thresholds behind them."""
    rng, at = np.random.default_rng(seed), STEPS.index(step)
    tau = np.sort(rng.normal(size=(6, cuts)), axis=1) + 0.2 * np.arange(cuts)
    samples = []
    for group in range(groups):
        own = group > 0
        loadings = np.kron(np.eye(2), np.ones((3, 1))) * LOADINGS[:, None]
        if own and at < 2:
            loadings[[1, 2, 4, 5]] *= rng.uniform(0.7, 1.3, (4, 1))
        phi = np.array([[1, 0.4], [0.4, 0.8]]) * (1 + 0.3 * group)
        residual = rng.uniform(0.6, 1.6, 6) if own and at < 4 else np.ones(6)
        level = loadings @ (np.array([0.3, -0.5]) * group) if at >= 3 else 0.3 * rng.normal(size=6) * own
        cut = tau + 0.1 * rng.random((6, cuts)) * (own and at < 1)
        covariance = loadings @ phi @ loadings.T + np.diag(residual)
        d = np.sqrt(covariance.diagonal())
        root = 0.2 * rng.normal(size=(6 * cuts + 15, 6 * cuts + 15))
        gamma = root @ root.T + np.eye(len(root))
        samples.append(
            OrderedSample(
                ((cut - level[:, None]) / d[:, None]).ravel(), covariance / np.outer(d, d), gamma, 400 + 100 * group
            )
        )
    return samples, tau


# --- counting ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "cuts", "sizes"), [(2, 3, (3, 3)), (4, 2, (4, 3, 5)), (3, 6, (4, 5, 4, 4, 5))])
def test_degrees_of_freedom_are_those_of_wu_and_estabrook(groups: int, cuts: int, sizes: tuple[int, ...]) -> None:
    p, k = sum(sizes), len(sizes)
    items = [f"x{i}" for i in range(p)]
    starts = np.cumsum((0, *sizes))
    base = plan_model({f"f{j}": items[starts[j] : starts[j + 1]] for j in range(k)}, items)
    df = [plan_ordered(base, groups, np.repeat(np.arange(p), cuts), step).df for step in STEPS]
    assert df[0] == groups * (p * (p - 1) // 2 - (p - k) - k * (k + 1) // 2)
    further = [p * (cuts - 2), p - k, p - k, p]
    assert np.diff(df).tolist() == [(groups - 1) * each for each in further]


# --- exact populations -------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", STEPS)
def test_an_exact_population_fits_up_to_its_step_and_no_further(true: str) -> None:
    samples, _ = population(3, 4, true, seed=3)
    base = plan_model(MODEL, ITEMS)
    fits = {step: fit_ordered(plan_ordered(base, 3, np.repeat(np.arange(6), 4), step), samples) for step in STEPS}
    for step, found in fits.items():
        assert found.converged
        if STEPS.index(step) <= STEPS.index(true):
            assert found.chi2 < 1e-12, step
        else:
            assert found.chi2 > 0.1, step


def test_the_parameters_of_an_exact_population_come_back() -> None:
    samples, tau = population(3, 4, "strict", seed=5)
    found = fit_ordered(plan_ordered(plan_model(MODEL, ITEMS), 3, np.repeat(np.arange(6), 4), "strict"), samples)
    for group, matrices in enumerate(found.matrices):
        np.testing.assert_allclose(matrices.loadings.sum(axis=1), LOADINGS, atol=1e-8)
        np.testing.assert_allclose(matrices.factors, np.array([[1, 0.4], [0.4, 0.8]]) * (1 + 0.3 * group), atol=1e-8)
        np.testing.assert_allclose(matrices.means, np.array([0.3, -0.5]) * group, atol=1e-8)
        np.testing.assert_allclose(found.theta[found.model.cuts[group]], tau.ravel(), atol=1e-8)
    before = fit_ordered(plan_ordered(plan_model(MODEL, ITEMS), 3, found.model.item, "scalar"), samples)
    assert found.chi2 - before.chi2 == pytest.approx(0, abs=1e-12)


# --- the same numbers, reckoned otherwise ------------------------------------------------------------------


def test_scaling_and_difference_follow_from_the_whole_matrices() -> None:
    """U and the eigenvalues of the difference, written out; the larger model's slopes by finite differences of the moments."""
    samples, _ = population(2, 3, "thresholds", seed=8)
    base, item = plan_model(MODEL, ITEMS), np.repeat(np.arange(6), 3)
    larger, smaller = (fit_ordered(plan_ordered(base, 2, item, step), samples) for step in ("thresholds", "metric"))
    v = np.diag(np.concatenate([(s.n - 1) / s.gamma.diagonal() for s in samples]))
    c = block_diag(*[s.gamma / (s.n - 1) for s in samples])

    def projected(slopes: Array) -> Array:
        return v @ slopes @ np.linalg.inv(slopes.T @ v @ slopes) @ slopes.T @ v

    whole = (v - projected(np.vstack(smaller.slopes))) @ c
    assert smaller.traces == pytest.approx((np.trace(whole), np.trace(whole @ whole)), rel=1e-9)

    # Loadings of the second group freed: what they add to the smaller model's slopes at its own moments.
    freed = []
    for row, column in ((1, 0), (2, 0), (4, 1), (5, 1)):
        moved = []
        for sign in (1, -1):
            matrices = smaller.matrices[1]
            loadings = matrices.loadings.copy()
            loadings[row, column] += sign * 1e-5
            covariance = loadings @ matrices.factors @ loadings.T + matrices.residuals
            d = np.sqrt(covariance.diagonal())
            z = (smaller.theta[smaller.model.cuts[1]] - matrices.intercepts[item]) / d[item]
            moved.append(np.append(z, (covariance / np.outer(d, d))[np.triu_indices(6, 1)]))
        freed.append(np.append(np.zeros(len(moved[0])), (moved[0] - moved[1]) / 2e-5))
    both = np.column_stack([np.vstack(smaller.slopes), *freed])
    between = (projected(both) - projected(np.vstack(smaller.slopes))) @ c
    weights = np.sort(np.linalg.eigvals(between).real)[-4:]
    assert (weights > 0).all()
    a = np.sqrt(4 / (weights**2).sum())
    expected = a * (smaller.chi2 - larger.chi2) + 4 - a * weights.sum()
    assert nested_test(smaller, larger)[0] == pytest.approx(expected, rel=1e-6)
    assert nested_test(smaller, larger)[1] == pytest.approx(chi2_distribution.sf(expected, 4), rel=1e-5)


def test_scipy_finds_the_same_minimum_under_another_parameterisation() -> None:
    """One factor, four items, two groups; delta parameterisation: spreads of y* are parameters and residuals follow from them."""
    rng = np.random.default_rng(2)
    names = ["a", "b", "c", "d"]
    frame = pd.concat([
        pd.DataFrame(np.digitize(rng.normal(0.2 * g, 1 + 0.2 * g, (400, 1)) * [1, 0.8, 1.1, 0.6] + rng.normal(size=(400, 4)) + 0.15 * g * np.array([0, 1, 0, -1]),
                                 [-0.9, 0.1, 1.0]) + 1, columns=names).assign(group=g) for g in range(2)], ignore_index=True)  # fmt: skip
    responses = Responses(frame, instrument_of({"f": names}, 1, 4))
    found = invariance(responses, by="group", kind="polychoric")
    samples = found.solutions["scalar"].samples
    i, j = np.triu_indices(4, 1)

    def discrepancy(x: Array) -> float:
        loads, tau, spread = np.append(1.0, x[:3]), x[3:15].reshape(4, 3), np.array([np.ones(4), np.exp(x[15:19])])
        phi, mean = (x[19] ** 2, x[20] ** 2), (0.0, x[21])
        total = 0.0
        for group, sample in enumerate(samples):
            d = spread[group]
            z = (tau - mean[group] * loads[:, None]) / d[:, None]
            r = phi[group] * np.outer(loads, loads) / np.outer(d, d)
            rest = np.append(sample.thresholds - z.ravel(), sample.correlation[i, j] - r[i, j])
            total += (sample.n - 1) * float(rest**2 @ (1 / sample.gamma.diagonal()))
        return total

    start = np.concatenate([np.ones(3), samples[0].thresholds, np.zeros(4), [0.7, 0.7, 0.0]])
    best = minimize(discrepancy, start, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    assert found.solutions["scalar"].chi2 == pytest.approx(best.fun, abs=1e-6)
    means = found.means().to_frame() if found.reached in ("scalar", "strict") else None
    assert means is not None
    # units: the marker's residual SD in the first group
    unit = np.sqrt(1 - best.x[19] ** 2)
    assert means.loc[0, "difference"] == pytest.approx(best.x[21] / unit, abs=1e-4)


@pytest.mark.parametrize("name", ["hs_cut", "bfi"])
def test_one_group_is_lavaans_wlsmv(shared: Any, name: str) -> None:
    oracle = shared.oracle(f"cfa_wlsmv_{name}.json")
    model = {line.split("=~")[0].strip(): [i.strip() for i in line.split("=~")[1].split("+")]
             for line in oracle["model"].splitlines() if line.strip()}  # fmt: skip
    items = [item for own in model.values() for item in own]
    frame = shared.frame("bfi.csv" if name == "bfi" else "holzinger_swineford_1939.csv")[items].dropna()
    if name == "hs_cut":
        frame = frame.apply(lambda x: pd.cut(x, np.quantile(x, [0, 0.2, 0.5, 0.8, 1]), labels=False, include_lowest=True) + 1)  # fmt: skip
    responses = Responses(frame, instrument_of(model, 1, 6 if name == "bfi" else 4))
    matrix = item_matrix(responses, kind="polychoric")
    gamma = polychoric_gamma(responses, matrix)
    item = np.repeat(np.arange(len(items)), [len(own) for own in gamma.fit.thresholds])
    found = fit_ordered(plan_ordered(plan_model(model, items), 1, item, "configural"), [OrderedSample.of(gamma)])
    fit, results = ordered_indices(found), oracle["results"]
    assert found.chi2 == pytest.approx(results["fit"]["chisq"], rel=1e-6)
    names = {
        "chi2": "chisq.scaled",
        "df": "df.scaled",
        "cfi": "cfi.scaled",
        "tli": "tli.scaled",
        "rmsea": "rmsea.scaled",
    }
    for mine, theirs in names.items():
        assert getattr(fit, mine) == pytest.approx(results["fit_robust"][theirs], rel=1e-5), mine
    assert fit.srmr == pytest.approx(results["fit"]["srmr"], abs=1e-6)
    assert fit.n_parameters == results["fit"]["npar"]


def test_the_whole_ladder_of_women_and_men_is_lavaans(shared: Any) -> None:
    """bfi, two factors, six answers; each step written out for lavaan, thresholds, levels and residual variances one by one."""
    model = {letter: [f"{letter}{k}" for k in range(1, 6)] for letter in "NE"}
    items = [item for own in model.values() for item in own]
    frame = shared.frame("bfi.csv")[[*items, "gender"]].dropna()
    asked: Any = {"by": "gender", "kind": "polychoric", "model": model, "worst_rmsea_d": 1}
    found = invariance(Responses(frame, instrument_of(model, 1, 6)), **asked)
    lines = found.to_frame().set_index("step")
    assert list(found.sizes) == LAVAAN["n"]
    for step in STEPS:
        chi2, *fit, srmr = LAVAAN[step]
        names = ("df", "chi2", "cfi", "rmsea")
        assert found.solutions[step].chi2 == pytest.approx(chi2, rel=1e-6)
        assert [lines.loc[step, name] for name in names] == pytest.approx([fit[0], fit[1], fit[2], fit[4]], rel=2e-6)
        assert lines.loc[step, "srmr"] == pytest.approx(srmr, rel=1e-5)
    for step in STEPS[1:]:  # lavaan takes the map from one model to the other at the larger model's estimates
        chi2, df, p = LAVAAN[f"difference_{step}"]
        assert lines.loc[step, ["delta_chi2", "delta_df"]].tolist() == pytest.approx([chi2, df], rel=2e-3)
        assert np.log(lines.loc[step, "delta_p"]) == pytest.approx(np.log(p), rel=5e-3)
    means = found.means().to_frame()
    assert means["difference"].tolist() == pytest.approx(LAVAAN["means"], rel=1e-5)
    assert means["se"].tolist() == pytest.approx(LAVAAN["mean_errors"], rel=2e-4)


# --- chance ------------------------------------------------------------------------------------------------

DRAWS = 30


@pytest.fixture(scope="module")
def chances() -> Array:
    """(30, 4) p of the four differences between groups that answer with one ruler."""
    with one_blas_thread():
        return np.array([found_in(answers(seed, n=200)).to_frame()["delta_p"].to_numpy()[1:] for seed in range(DRAWS)])


def test_p_of_the_differences_is_uniform_where_the_ruler_is_the_same(chances: Array) -> None:
    """Over 400 studies of 300 a group 6.3, 4.3, 6.3 and 3.5 % were below .05; here Kolmogorov's bound for 30 draws and four steps."""
    for step, own in zip(STEPS[1:], chances.T, strict=True):
        assert kstest(own, "uniform").pvalue > 0.001 / 4, step
        assert (own < 0.05).sum() <= 7, step  # P(more of 30) < 2e-4


def test_another_threshold_and_another_level_are_seen_at_their_step() -> None:
    thresholds = [found_in(answers(seed, cut=0.6)).to_frame().set_index("step") for seed in range(100, 106)]
    assert sum(found.loc["thresholds", "delta_p"] < 0.05 for found in thresholds) >= 5
    levels = [found_in(answers(seed, level=0.5)).to_frame().set_index("step") for seed in range(200, 206)]
    assert all(found.loc["scalar", "delta_p"] < 0.05 for found in levels)
    assert sum(found.loc["thresholds", "delta_p"] < 0.05 for found in levels) <= 3


# --- what does not matter, and what is said ----------------------------------------------------------------


def test_the_order_of_groups_and_items_and_the_numbers_of_answers_change_nothing() -> None:
    frame = answers(4, n=250)
    one = found_in(frame).to_frame()
    turned = found_in(frame.iloc[::-1].reset_index(drop=True))
    assert turned.groups == ("g1", "g0") or turned.groups == ("g0", "g1")
    other = {"speed": ["s3", "s1", "s2"], "care": ["c3", "c2", "c1"]}
    shuffled = invariance(Responses(frame, instrument_of(other, 1, 4)), by="group", kind="polychoric")
    moved = Responses(frame.assign(**{item: frame[item] + 1 for item in ITEMS}), instrument_of(MODEL, 2, 5))
    renumbered = invariance(moved, by="group", kind="polychoric")
    renamed = found_in(frame.assign(group=frame["group"].map({"g0": "z", "g1": "a"})))
    numbers = ["chi2", "df", "cfi", "rmsea", "srmr", "delta_chi2", "delta_p", "rmsea_d"]
    for same in (turned, shuffled, renumbered, renamed):
        np.testing.assert_allclose(same.to_frame()[numbers], one[numbers], rtol=1e-5, atol=1e-6)


def test_latent_means_are_found_and_said() -> None:
    found = found_in(answers(11, n=1500))
    assert found.reached == "strict"
    assert found.comparable
    means = found.means()
    lines = means.to_frame().set_index("factor")
    sd = 0.9 / 0.7  # of the factor, in residual SDs of its first item
    assert lines.loc["care", "low"] < 0.3 * sd < lines.loc["care", "high"]
    assert lines.loc["speed", "low"] < -0.2 * sd < lines.loc["speed", "high"]
    assert "Robust errors (WLSMV)" in means.note()
    assert "稳健标准误" in means.in_language("zh").note()


def test_partial_invariance_frees_the_threshold_and_the_level_that_differ() -> None:
    cut = found_in(answers(21, n=1500, cut=0.8), partial=True)
    assert cut.freed == ("c2 | t",)
    assert cut.to_frame().set_index("step").loc["thresholds", "holds"] == "partial"
    level = found_in(answers(22, n=1500, level=0.6), partial=True)
    assert level.freed == ("s2 ~ 1",)
    assert "s2 ~ 1 differs between groups" in level.sentence()
    assert "s2 ~ 1 各组不同" in level.in_language("zh").sentence()
    assert not level.comparable


def test_the_ladder_names_its_steps_rule_and_parameterisation_in_both_languages() -> None:
    found = found_in(answers(22, n=1000, level=0.6))
    assert found.kind == "polychoric"
    assert found.reached == "metric"
    assert not found.comparable
    text, chinese = found.to_string(), found.in_language("zh").to_string()
    for words in (
        "thresholds, loadings, intercepts",
        "theta parameterisation",
        "Satorra 2000",
        "RMSEA_D",
        "but not their means",
    ):
        assert words in text
    for words in ("阈值、载荷、截距", "theta 参数化", "有序", "RMSEA_D", "均值不可比", "g0 1,000、g1 1,000"):
        assert words in chinese
    assert "-" not in found.sentence()
    ax = found.plot(new_axes())
    assert [label.get_text() for label in ax.get_yticklabels()][:2] == ["configural", "thresholds"]
    lenient = found_in(answers(22, n=1000, level=0.6), worst_cfi=1.0, worst_rmsea=1.0)
    assert lenient.reached == "metric"  # the RMSEA of the difference alone, and the picture says so
    written = [text.get_text() for text in lenient.plot(new_axes()).texts]
    assert any(words.startswith("fails (RMSEA_D .") for words in written)
    scalar = found_in(answers(11, n=1500), worst_rmsea_d=0.0, worst_cfi=1.0, worst_rmsea=1.0)
    assert scalar.reached == "strict"  # a difference that chance explains does not fail, however small the limit


def test_three_answers_leave_nothing_to_test_in_thresholds() -> None:
    frame = answers(5)
    frame[ITEMS] = frame[ITEMS].clip(upper=3)
    found = found_in(frame)
    line = found.to_frame().set_index("step").loc["thresholds"]
    assert (line["delta_df"], line["reason"], line["holds"]) == (0, "nothing to test", "yes")
    assert np.isnan(line["delta_p"])
    assert "nothing to test" in found.to_string()
    assert "无可检验" in found.in_language("zh").to_string()


def test_clusters_count_and_weights_enter() -> None:
    frame = answers(6, n=200).assign(weight=2.0)
    frame["store"] = [f"S{k % 50}" for k in range(len(frame))]
    made = instrument_of(MODEL, 1, 4)
    plain = invariance(Responses(frame, made), by="group", kind="polychoric").to_frame()
    weighted = invariance(Responses(frame, made, SampleDesign(weight="weight")), by="group", kind="polychoric")
    np.testing.assert_allclose(weighted.to_frame()["chi2"], plain["chi2"], rtol=1e-6)  # equal weights are none
    clustered = invariance(Responses(frame, made, SampleDesign(clusters="store")), by="group", kind="polychoric")
    assert abs(clustered.to_frame()["chi2"] / plain["chi2"] - 1).max() > 0.01
    assert "Chi-square and errors here count clusters" in clustered.note()
    assert "以群为单位" in clustered.in_language("zh").note()


# --- what can't be ------------------------------------------------------------------------------------------


def test_a_category_that_a_group_lacks_is_named_and_can_be_joined() -> None:
    frame = answers(7)
    frame.loc[(frame["group"] == "g1") & (frame["c3"] == 1), "c3"] = 2
    frame.loc[(frame["group"] == "g0") & (frame["s1"] == 4), "s1"] = 3
    with pytest.raises(
        DataError, match=r"c3: nobody in g1 answered 1; s1: nobody in g0 answered 4.*collapse=True"
    ) as caught:
        found_in(frame)
    assert caught.value.cases.to_numpy().tolist() == [["c3", 1, "g1"], ["s1", 4, "g0"]]
    joined = found_in(frame, collapse=True)
    by_hand = frame.assign(c3=frame["c3"].clip(lower=2), s1=frame["s1"].clip(upper=3))
    np.testing.assert_allclose(joined.to_frame()["chi2"], found_in(by_hand).to_frame()["chi2"], rtol=1e-9)
    assert "in 2 items (c3 1 → 2; s1 4 → 3)" in joined.note()
    assert "2 个题项中有组未使用的选项" in joined.in_language("zh").note()
    assert (
        not joined.to_frame()
        .drop(columns=["delta_chi2", "delta_df", "delta_p", "delta_cfi", "delta_rmsea", "rmsea_d"])
        .isna()
        .any(axis=None)
    )


def test_auto_goes_by_the_rule_and_falls_back_in_words() -> None:
    frame = answers(7)
    assert found_in(frame, kind="auto").kind == "polychoric"
    assert "items use 4 answers" in found_in(frame, kind="auto").note().lower()
    frame.loc[(frame["group"] == "g1") & (frame["c3"] == 1), "c3"] = 2
    found = found_in(frame, kind="auto")
    assert found.kind == "pearson"
    assert "g1 never answers 1 to c3" in found.note()
    assert "“g1”组从未在 c3 选 1" in found.in_language("zh").note()
    assert found.to_frame()["step"].tolist() == ["configural", "metric", "scalar", "strict"]
    assert found_in(frame, kind="auto", collapse=True).kind == "polychoric"


def test_a_structure_that_is_not_found_is_no_verdict() -> None:
    """Two factors of two items, one of which leaves no residual in a group: WLSMV of that group alone has a Heywood case."""
    frame, model = answers(3), {"care": ["c1", "c2"], "speed": ["s1", "s2"]}
    alone = [Responses(part.reset_index(drop=True), instrument_of(MODEL, 1, 4)) for _, part in frame.groupby("group")]
    assert any(confirm_factors(each, estimator="wlsmv", model=model).problems for each in alone)
    found = found_in(frame, model=model)
    assert found.to_frame()[["step", "reason"]].to_numpy().tolist() == [["configural", "not converged"]]
    assert "what may be compared is not known" in found.sentence()
    assert "可比性未知" in found.in_language("zh").sentence()


def test_two_answers_small_groups_and_bare_matrices_are_refused() -> None:
    frame = answers(9)
    with pytest.raises(DataError, match=r"c1 .*two answers.*Wu and Estabrook"):
        found_in(frame.assign(c1=frame["c1"].clip(2, 3)))
    with pytest.raises(DataError, match=r"2 of 2 groups have fewer than 100.*ICC\(1\) and ICC\(2\)"):
        found_in(answers(9, n=22))
    matrix = item_matrix(Responses(frame, instrument_of(MODEL, 1, 4)), kind="polychoric")
    with pytest.raises(SpecError, match="answers themselves"):
        invariance({"a": matrix, "b": matrix}, by="group")
    with pytest.raises(SpecError, match="Choose one of"):
        found_in(frame, kind="ordered")
