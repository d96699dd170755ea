"""Factor models of incomplete answers: lavaan's and psych's figures, closed forms, likelihoods written out row by row.

Figures of lavaan 0.6-14 and psych 2.2.9 are in reference/cfa_incomplete.toml, written by reference/cfa_incomplete.R.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from servqual.cfa import NotIdentified, confirm_factors, fit_indices, fit_ml, plan_model, start_values
from servqual.cfa.fit import Sample, Solution, fill, observed_information
from servqual.cfa.incomplete import curvature_of, fit_incomplete, incomplete_errors, incomplete_indices
from servqual.cfa.modification import modification_table
from servqual.cfa.patterns import Patterns, fit_saturated, group_rows
from servqual.cfa.robust import robust_ml
from servqual.cfa.standardised import standardise
from servqual.correlations import ItemMatrix
from servqual.instruments import Dimension, Form, Instrument, Item
from servqual.moments import one_blas_thread
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError
from survey_design.questionnaire import Scale
from survey_design.sampling import SampleDesign

Array = NDArray[Any]

REFERENCE = tomllib.loads((Path(__file__).parent / "reference" / "cfa_incomplete.toml").read_text(encoding="utf-8"))
HS = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
ITEMS = [item for own in HS.values() for item in own]
TWO = {"care": ["c1", "c2", "c3"], "speed": ["s1", "s2", "s3"]}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Kernels are called directly here; the verbs do this themselves."""
    with one_blas_thread():
        yield


def patterns_of(values: Array, weights: Array | None = None) -> Patterns:
    return group_rows([(values, weights, None)])


def thinned(values: Array, share: float, seed: int) -> Array:
    """The same answers, a share of them taken away completely at random."""
    gone = np.random.default_rng(seed).random(values.shape) < share
    return np.where(gone, np.nan, values)


def simulated(n: int, seed: int) -> Array:
    """Two factors that correlate .5, three items each with loadings .8."""
    rng = np.random.default_rng(seed)
    factors = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    return np.asarray(0.8 * np.repeat(factors, 3, axis=1) + 0.6 * rng.normal(size=(n, 6)))


def log_likelihood(values: Array, mean: Array, covariance: Array) -> float:
    """Row by row, as in a textbook."""
    total = 0.0
    for row in values:
        seen = ~np.isnan(row)
        if seen.any():
            own, off = covariance[np.ix_(seen, seen)], (row - mean)[seen]
            total -= (np.linalg.slogdet(own)[1] + off @ np.linalg.solve(own, off) + len(off) * np.log(2 * np.pi)) / 2
    return float(total)


def answers(n: int = 400, seed: int = 1, share: float = 0.1, **columns: Any) -> pd.DataFrame:
    """Answers from 1 to 7 to the items of two factors, some missing."""
    values = np.clip(np.round(4 + 1.3 * simulated(n, seed)), 1, 7)
    names = [item for own in TWO.values() for item in own]
    return pd.DataFrame(thinned(values, share, seed), columns=names).assign(**columns)


def responses(frame: pd.DataFrame, **design: Any) -> Responses:
    names = [*TWO, *(item for own in TWO.values() for item in own)]
    words = {name: {"en": name, "zh": f"{name}项"} for name in names}
    dimensions = tuple(Dimension(name, words[name]) for name in TWO)
    items = tuple(Item(item, name, words[item], words[item]) for name, own in TWO.items() for item in own)
    instrument = Instrument(
        "made", "1", {"en": "made"}, "", Scale(1, 7), (Form("perception", "{id}"),), dimensions, items
    )
    return Responses(frame, instrument, SampleDesign(**design))


# --- lavaan's and psych's numbers --------------------------------------------------------------------------


@pytest.fixture(name="holes")
def holzinger_with_holes(shared: Any) -> pd.DataFrame:
    """The rules of cfa_incomplete.R."""
    full = shared.frame("holzinger_swineford_1939.csv")
    frame = full.copy()
    for j, item in enumerate(ITEMS, 1):
        frame.loc[(frame["id"] * 7 + j * 5) % 13 < 2, item] = np.nan
    frame.loc[full["x1"] > 5.5, "x2"] = np.nan
    frame.loc[full["x7"] < 3, "x8"] = np.nan
    frame.loc[frame["id"] % 97 == 0, ITEMS] = np.nan
    return frame


def test_estimates_fit_and_errors_agree_with_lavaan(holes: pd.DataFrame) -> None:
    patterns, theirs = patterns_of(holes[ITEMS].to_numpy()), REFERENCE["ml"]
    assert [patterns.total, len(patterns.n)] == theirs["counts"]
    assert patterns.unanswered == 2
    solution = fit_incomplete(plan_model(HS, ITEMS), patterns)
    one = incomplete_indices(solution)
    names = ("chi2", "df", "baseline_chi2", "cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr", "logl", "aic", "bic",
             "n_parameters")  # fmt: skip
    np.testing.assert_allclose([getattr(one, name) for name in names], theirs["fit"], rtol=2e-5)
    covariance, standard = incomplete_errors(solution)[0].covariance, standardise(solution)
    chosen = standard.loadings != 0
    place = [int(k) for k in solution.table.free[solution.table.of_kind("loading")]]
    free = [k for k in place if k >= 0]
    np.testing.assert_allclose(solution.theta[free], [v for v in theirs["loadings"] if v != 1], rtol=2e-4)
    np.testing.assert_allclose(np.sqrt(covariance.diagonal())[free], [v for v in theirs["errors"] if v], rtol=1e-4)
    np.testing.assert_allclose(standard.loadings[chosen], theirs["standardised"], rtol=2e-4)
    np.testing.assert_allclose(
        standard.errors(covariance, "loadings")[chosen], theirs["standardised_errors"], rtol=2e-4
    )
    above = np.triu_indices(3, 1)
    np.testing.assert_allclose(standard.factors[above], theirs["correlations"], rtol=2e-4)
    np.testing.assert_allclose(standard.errors(covariance, "factors")[above], theirs["correlation_errors"], rtol=2e-4)


def test_robust_versions_agree_with_lavaan(holes: pd.DataFrame) -> None:
    values, clusters = holes[ITEMS].to_numpy(), (holes["ageyr"] * 100 + holes["agemo"]).to_numpy()
    solution = fit_incomplete(plan_model(HS, ITEMS), patterns_of(values))
    free = [int(k) for k in solution.table.free[solution.table.of_kind("loading")] if k >= 0]
    for name, labels in (("plain", None), ("clustered", clusters)):
        # in two parts, which must not matter
        parts = [
            (values[part], None, None if labels is None else labels[part]) for part in (slice(100), slice(100, None))
        ]
        robust, _ = incomplete_errors(solution, parts)
        found = [solution.chi2 / robust.scaling, robust.scaling, robust.baseline_scaling]
        np.testing.assert_allclose(found, REFERENCE["mlr"][name][:3], rtol=2e-5)
        errors = [value for value in REFERENCE["mlr"][f"{name}_errors"] if value]
        np.testing.assert_allclose(np.sqrt(robust.covariance.diagonal())[free], errors, rtol=2e-4)


def test_modification_indices_agree_with_lavaan(holes: pd.DataFrame) -> None:
    found = modification_table(fit_incomplete(plan_model(HS, ITEMS), patterns_of(holes[ITEMS].to_numpy()))).head(4)
    signs = found["kind"].map({"loading": "=~", "residual": "~~"})
    assert (found["left"] + signs + found["right"]).tolist() == REFERENCE["ml"]["pairs"]
    np.testing.assert_allclose(found["mi"], REFERENCE["ml"]["mi"], rtol=2e-4)
    np.testing.assert_allclose(found["change"], REFERENCE["ml"]["change"], rtol=2e-4)


def test_saturated_moments_agree_with_lavaan_and_psych(holes: pd.DataFrame) -> None:
    found = fit_saturated(patterns_of(holes[ITEMS].to_numpy()))
    theirs = REFERENCE["saturated"]
    np.testing.assert_allclose(found.mean, theirs["mean"], rtol=1e-4)
    np.testing.assert_allclose(found.covariance.ravel(), theirs["covariance"], atol=1e-3)
    sd = np.sqrt(found.covariance.diagonal())
    np.testing.assert_allclose((found.covariance / np.outer(sd, sd)).ravel(), theirs["psych_correlations"], atol=2e-3)


def test_what_freeing_brings_in_ordered_answers_agrees_with_lavaan(shared: Any) -> None:
    cuts = [0, 0.2, 0.5, 0.8, 1]
    frame = shared.frame("holzinger_swineford_1939.csv")[ITEMS].apply(
        lambda x: pd.cut(x, np.quantile(x, cuts), labels=False, include_lowest=True) + 1
    )
    words = {name: {"en": name, "zh": name} for name in (*HS, *ITEMS)}
    items = tuple(Item(item, name, words[item], words[item]) for name, own in HS.items() for item in own)
    instrument = Instrument("made", "1", {"en": "made"}, "", Scale(1, 4), (Form("perception", "{id}"),),
                            tuple(Dimension(name, words[name]) for name in HS), items)  # fmt: skip
    found = confirm_factors(Responses(frame, instrument), estimator="wlsmv", scale_by="variance")
    table = found.modification(least=0)
    lines = table.to_frame().set_index(["left", "right"])
    change = [lines.loc[("visual", item), "change"] for item in ("x4", "x7", "x9")]
    theirs = np.array(REFERENCE["ordered"]["visual_x4_x7_x9"]) * 301 / 300  # lavaan divides by n and n - 1 in turn
    np.testing.assert_allclose(change, theirs, rtol=1e-5)
    assert "Generalised score tests" in table.note()
    assert "广义得分检验" in table.in_language("zh").note()
    assert np.isfinite(found.distinctness().to_frame()["htmt_se"]).all()


# --- closed forms and likelihoods written out --------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_complete_answers_give_maximum_likelihood(seed: int) -> None:
    values = simulated(150, seed)
    names = [item for own in TWO.values() for item in own]
    table, sample = plan_model(TWO, names), Sample(np.cov(values.T, bias=True), 150)
    plain = fit_ml(table, [sample], start_values(table, [sample]))
    found = fit_incomplete(table, patterns_of(values))
    q = table.n_free
    assert found.converged
    assert found.df == plain.df
    assert found.chi2 == pytest.approx(plain.chi2, abs=1e-8)
    np.testing.assert_allclose(found.theta[:q], plain.theta, atol=1e-6)
    np.testing.assert_allclose(found.theta[q:], values.mean(axis=0), atol=1e-6)
    errors, rows = incomplete_errors(found)[0], [(values, None, None)]
    np.testing.assert_allclose(
        np.linalg.inv(errors.covariance)[:q, :q], observed_information(plain), rtol=1e-3, atol=1e-2
    )
    one, other = incomplete_indices(found), fit_indices(plain)
    assert (one.cfi, one.tli, one.rmsea, one.logl) == pytest.approx(
        (other.cfi, other.tli, other.rmsea, other.logl), abs=1e-7
    )
    assert one.srmr * np.sqrt(27 / 21) == pytest.approx(other.srmr, abs=1e-7)  # six means fit and are counted
    robust, mlr = incomplete_errors(found, rows)[0], robust_ml(plain, [rows], "mlr")
    assert (robust.scaling, robust.baseline_scaling) == pytest.approx((mlr.scaling, mlr.baseline_scaling), rel=1e-5)
    np.testing.assert_allclose(robust.covariance[:q, :q], mlr.covariance, rtol=1e-3, atol=1e-6)


def test_estimates_and_errors_agree_with_a_likelihood_written_out_row_by_row() -> None:
    rng = np.random.default_rng(4)
    full = rng.normal(size=(50, 1)) @ [[0.9, 0.7, 0.8, 0.6]] + 0.6 * rng.normal(size=(50, 4)) + [1, 2, 3, 4]
    values = thinned(full, 0.2, 5)
    table = plan_model({"f": ["a", "b", "c", "d"]}, ["a", "b", "c", "d"])
    found = fit_incomplete(table, patterns_of(values))

    def deviance(theta: Array) -> float:  # loadings of b to d, factor variance, residual variances, intercepts
        loadings = np.append(1.0, theta[:3])
        covariance = theta[3] * np.outer(loadings, loadings) + np.diag(theta[4:8])
        if np.linalg.eigvalsh(covariance)[0] <= 0:
            return 1e10
        return -log_likelihood(values, theta[8:], covariance)

    start = np.array([0.5, 0.5, 0.5, 0.5, *[0.5] * 4, *np.nanmean(values, axis=0)])
    best = minimize(deviance, start, method="BFGS", options={"gtol": 1e-5})
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(found.theta, best.x, atol=2e-4)
    size, h = len(start), 1e-3
    hessian = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            steps = [(a * h * np.eye(size)[i] + b * h * np.eye(size)[j], a * b) for a in (1, -1) for b in (1, -1)]
            hessian[i, j] = hessian[j, i] = sum(sign * deviance(found.theta + step) for step, sign in steps) / (
                4 * h * h
            )
    errors = np.sqrt(incomplete_errors(found)[0].covariance.diagonal())
    np.testing.assert_allclose(errors, np.sqrt(np.linalg.inv(hessian).diagonal()), rtol=2e-4)


def test_a_monotone_pattern_agrees_with_the_factored_likelihood() -> None:
    """Anderson (1957): where y is missing for some who answered x, moments follow from a regression in closed form."""
    rng = np.random.default_rng(2)
    x = rng.normal(3, 2, 200)
    y = 1 + 0.5 * x + rng.normal(size=200)
    values = np.column_stack([x, np.where(x > 4, np.nan, y)])
    both = values[x <= 4]
    slope = np.cov(both.T, bias=True)[0, 1] / both[:, 0].var()
    rest = both[:, 1].var() - slope**2 * both[:, 0].var()
    found = fit_saturated(patterns_of(values))
    mean = [x.mean(), both[:, 1].mean() + slope * (x.mean() - both[:, 0].mean())]
    np.testing.assert_allclose(found.mean, mean, atol=1e-5)
    covariance = [[x.var(), slope * x.var()], [slope * x.var(), rest + slope**2 * x.var()]]
    np.testing.assert_allclose(found.covariance, covariance, atol=2e-5)
    assert -found.deviance / 2 == pytest.approx(log_likelihood(values, found.mean, found.covariance), abs=1e-8)


def test_curvature_agrees_with_differences_of_the_likelihood() -> None:
    """With a second-order factor the model bends in every way that it can."""
    model = {f"f{j}": [f"x{j}{i}" for i in range(3)] for j in range(3)}
    names = [item for own in model.values() for item in own]
    rng = np.random.default_rng(3)
    full = np.repeat(rng.normal(size=(200, 1)) + rng.normal(size=(200, 3)), 3, axis=1) + rng.normal(size=(200, 9))
    patterns = patterns_of(thinned(full, 0.1, 1))
    solution = fit_incomplete(plan_model(model, names, second_order="g"), patterns)
    at = solution.theta + 0.02  # not only where slopes are 0
    found, h = curvature_of(solution.table, at, patterns), 1e-3

    def deviance(theta: Array) -> float:
        matrices = fill(solution.table, theta)
        return -log_likelihood_of(patterns, matrices.mean, matrices.covariance)

    for i, j in ((0, 0), (0, 12), (3, 7), (11, 13), (5, 25), (20, 22), (1, 8)):
        steps = [(a * h * np.eye(len(at))[i] + b * h * np.eye(len(at))[j], a * b) for a in (1, -1) for b in (1, -1)]
        numeric = sum(sign * deviance(at + step) for step, sign in steps) / (4 * h * h)
        assert found[i, j] == pytest.approx(numeric, rel=1e-3, abs=0.02), (i, j)


def log_likelihood_of(patterns: Patterns, mean: Array, covariance: Array) -> float:
    """From the patterns, by the formula for a sample's mean and covariance."""
    total = 0.0
    for seen, n, centre, spread in zip(patterns.seen, patterns.n, patterns.mean, patterns.covariance, strict=True):
        part = np.ix_(seen, seen)
        off = (centre - mean)[seen]
        about = spread[part] + np.outer(off, off)
        whole = np.linalg.slogdet(2 * np.pi * covariance[part])[1] + np.trace(np.linalg.solve(covariance[part], about))
        total -= n * whole / 2
    return float(total)


# --- identities --------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_order_units_and_parts_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = thinned(simulated(200, seed), 0.15, seed)
    names = [item for own in TWO.values() for item in own]
    plain = fit_incomplete(plan_model(TWO, names), patterns_of(values))
    units, order = rng.uniform(0.1, 10, 6), rng.permutation(6)
    turned = (values * units + rng.normal(size=6))[:, order]
    halves = [(turned[80:], None, None), (turned[:80], None, None)]
    other = fit_incomplete(plan_model(TWO, [names[k] for k in order], scale_by="variance"), group_rows(halves))
    assert other.chi2 == pytest.approx(plain.chi2, abs=1e-6)
    size = [np.abs(standardise(each).loadings).max(axis=1) for each in (plain, other)]
    np.testing.assert_allclose(size[1], size[0][order], atol=1e-5)


def test_a_doubled_row_is_a_row_of_weight_two_and_rows_are_clusters_of_one() -> None:
    values, names = thinned(simulated(200, 6), 0.15, 6), [item for own in TWO.values() for item in own]
    table, weights = plan_model(TWO, names), np.where(np.arange(200) < 60, 2.0, 1.0)
    weighted = fit_saturated(patterns_of(values, weights))
    doubled = fit_saturated(patterns_of(np.vstack([values, values[:60]])))
    np.testing.assert_allclose(weighted.mean, doubled.mean, atol=1e-6)
    np.testing.assert_allclose(weighted.covariance, doubled.covariance, atol=1e-5)
    solution = fit_incomplete(table, patterns_of(values, weights))
    alone = incomplete_errors(solution, [(values, weights, None)])[0]
    single = incomplete_errors(solution, [(values, weights, np.arange(200).astype(str))])[0]
    np.testing.assert_allclose(single.covariance, alone.covariance * 200 / 199, rtol=1e-9)


def test_patterns_hold_what_was_answered() -> None:
    values = thinned(simulated(300, 3), 0.3, 3)
    values[7] = np.nan
    found = patterns_of(values)
    seen = ~np.isnan(values)
    assert found.unanswered == (~seen.any(axis=1)).sum()
    np.testing.assert_array_equal(found.n_pairs, seen.T.astype(int) @ seen)
    assert found.share_missing == pytest.approx(1 - seen.sum() / seen.any(axis=1).sum() / 6)
    assert (found.rows == 1).any()  # patterns of one respondent
    assert found.covariance[found.rows == 1] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found.item_moments[0], np.nanmean(values, axis=0))
    np.testing.assert_allclose(found.item_moments[1], np.nanvar(values, axis=0))


# --- what it is for ----------------------------------------------------------------------------------------


def test_where_skipping_depends_on_answers_listwise_is_biased_and_this_is_not() -> None:
    """The second factor's items go unanswered where the first factor's first item is low: 100 samples, fixed seeds."""
    names = [item for own in TWO.values() for item in own]
    table, found = plan_model(TWO, names, scale_by="variance"), {"fiml": list[Array](), "listwise": list[Array]()}
    own_errors = []
    for seed in range(100):
        values = simulated(400, 1000 + seed)
        values[np.ix_(values[:, 0] < 0, [1, 3, 4])] = np.nan
        full = fit_incomplete(table, patterns_of(values))
        rest = values[~np.isnan(values).any(axis=1)]
        sample = Sample(np.cov(rest.T, bias=True), len(rest))
        listwise = fit_ml(table, [sample], start_values(table, [sample]))
        means = [full.theta[-6:], rest.mean(axis=0)]
        for name, solution, mean in zip(found, (full, listwise), means, strict=True):
            found[name].append(np.append(solution.theta[:6], mean))
        own_errors.append(np.sqrt(incomplete_errors(full)[0].covariance.diagonal())[:6])
    truth = np.append(np.full(6, 0.8), np.zeros(6))
    bound = {name: 4 * np.std(each, axis=0) / 10 for name, each in found.items()}
    off = {name: np.mean(each, axis=0) - truth for name, each in found.items()}
    assert (np.abs(off["fiml"]) < bound["fiml"] + 0.005).all()
    assert np.abs(off["listwise"])[[0, 6, 9]].min() > 0.1
    assert (np.abs(off["listwise"]) > bound["listwise"] + 0.005).sum() >= 6
    np.testing.assert_allclose(np.mean(own_errors, axis=0), np.std(found["fiml"], axis=0)[:6], rtol=0.25)


def test_chi2_holds_over_samples() -> None:
    names = [item for own in TWO.values() for item in own]
    table = plan_model(TWO, names)
    chi2 = np.array([fit_incomplete(table, patterns_of(thinned(simulated(200, k), 0.1, k))).chi2 for k in range(150)])
    assert chi2.mean() == pytest.approx(8, abs=4 * np.sqrt(16 / 150) + 0.2)
    assert chi2.var() == pytest.approx(16, rel=0.45)


# --- what is shown, and what is refused --------------------------------------------------------------------


def test_base_share_and_assumption_are_said_in_both_languages() -> None:
    found = confirm_factors(responses(answers()), missing="fiml")
    assert (found.estimator, found.indices.n, found.matrix.n) == ("ml", 400, 400)
    note, chinese = found.note(), found.in_language("zh").note()
    share = answers().isna().to_numpy().mean()
    for text in (note, chinese):
        assert f"{share:.1%}" in text
        assert "400" in text
    assert re.search(r"\d+ patterns of missing answers", note)
    assert "missing at random (MAR" in note
    assert re.search(r"缺失模式 \d+ 种", chinese)
    assert "随机缺失（MAR" in chinese
    assert not re.search("[一-鿿]", note)
    for table in (
        found.fit(),
        found.correlations(),
        found.convergence(),
        found.distinctness(),
        found.modification(least=0),
    ):
        assert "nan" not in table.to_string()
        assert re.search("[一-鿿]", table.in_language("zh").to_string())
    listwise = confirm_factors(responses(answers()))
    assert found.to_frame()["standardised_se"].mean() < listwise.to_frame()["standardised_se"].mean()
    assert np.allclose(found.to_frame()["standardised"], 0.8, atol=0.1)


def test_errors_of_htmt_agree_with_simulation() -> None:
    frames = [answers(300, seed, 0.15) for seed in range(150)]
    first = confirm_factors(responses(frames[0]), missing="fiml").distinctness().to_frame().loc[0]
    robust = confirm_factors(responses(frames[0]), missing="fiml", estimator="mlr").distinctness().to_frame().loc[0]
    values = []
    for frame in frames:
        moments = fit_saturated(patterns_of(frame.to_numpy())).covariance
        r = np.abs(moments / np.sqrt(np.outer(moments.diagonal(), moments.diagonal())))
        within = [r[at, at][np.tril_indices(3, -1)].mean() for at in (slice(3), slice(3, None))]
        values.append(r[:3, 3:].mean() / np.sqrt(within[0] * within[1]))
    assert first["htmt"] == pytest.approx(values[0], abs=1e-9)
    for own in (first, robust):
        assert own["htmt_se"] == pytest.approx(np.std(values), rel=0.25)


def test_weights_and_clusters_ask_for_robust_errors() -> None:
    frame = answers(store=np.arange(400) % 40, w=np.where(np.arange(400) < 100, 3.0, 1.0))
    clustered = confirm_factors(responses(frame, clusters="store"), missing="fiml")
    assert clustered.estimator == "mlr"
    assert "clusters, not respondents" in clustered.note()
    assert np.isfinite(clustered.indices.scaling)
    assert not np.isfinite(clustered.indices.cfi_robust)
    plain = confirm_factors(responses(frame, clusters="store"), missing="fiml", estimator="ml")
    assert "Clusters are not in these errors" in plain.note()
    assert "误差未计入群集效应" in plain.in_language("zh").note()
    weighted = confirm_factors(responses(frame, weight="w"), missing="fiml")
    assert weighted.estimator == "mlr"
    assert "weighted" in weighted.note()
    assert "加权" in weighted.in_language("zh").note()


def test_a_pair_that_nobody_answered_costs_a_degree_of_freedom_and_is_said() -> None:
    frame = answers()
    frame.loc[:199, "c1"], frame.loc[200:, "s1"] = np.nan, np.nan
    found = confirm_factors(responses(frame), missing="fiml")
    assert (found.indices.df, found.indices.baseline_df) == (7, 14)
    assert "nobody answered both items of 1 pair (c1–s1)" in found.note().lower()
    assert "1 对题项无人同时作答（c1–s1）" in found.in_language("zh").note()
    pair = found.distinctness()
    assert pair.to_frame().loc[0, "reason"] == "unknown pair"
    assert "nobody answered both items" in pair.to_string()
    assert np.isfinite(found.to_frame()["standardised_se"]).all()
    left = found.residuals()
    assert left.isna().to_numpy().sum() == 2
    assert np.isnan(left.loc["c1", "s1"])


def test_a_factor_whose_items_nobody_answered_together_is_not_identified() -> None:
    frame = answers(600)
    third = np.arange(600) % 3
    for k, item in enumerate(TWO["care"]):  # each respondent answered one item of the factor
        frame.loc[third != k, item] = np.nan
    with pytest.raises(NotIdentified, match="Nobody answered both items of 3 pairs"):
        confirm_factors(responses(frame), model={"care": TWO["care"]}, missing="fiml")


def test_items_without_answers_or_variance_are_named() -> None:
    for column, words in ((4.0, "no variance"), (np.nan, "no answer")):
        with pytest.raises(DataError, match=rf"c2 \({words}") as caught:
            confirm_factors(responses(answers().assign(c2=column)), missing="fiml")
        assert caught.value.cases["item"].tolist() == ["c2"]
    frame = answers()
    with pytest.raises(DataError, match=r"correlate perfectly: c1 and c2"):
        confirm_factors(responses(frame.assign(c2=frame["c1"])), missing="fiml")
    few = frame.copy()
    few.loc[3:, "c1"] = np.nan
    few.loc[:2, "c1"] = [1.0, 2.0, 4.0]
    with pytest.raises(DataError, match=r"answered together by few: c1 and \w+ \(n = \d\)"):
        confirm_factors(responses(few), missing="fiml")
    with pytest.raises(DataError, match="there must be more respondents than items"):
        confirm_factors(responses(frame.head(6)), missing="fiml")


def test_rows_without_any_answer_are_counted_and_not_used() -> None:
    frame = answers()
    other = [f"e_{name}" for name in frame.columns]
    frame[other] = answers(seed=2, share=0.0).to_numpy()
    frame.loc[:4, list(TWO["care"]) + list(TWO["speed"])] = np.nan
    one = responses(frame[list(TWO["care"]) + list(TWO["speed"])]).instrument
    both = Instrument("made", "1", {"en": "made"}, "", one.scale, (Form("perception", "{id}"), Form("expectation", "e_{id}")),
                      one.dimensions, one.items)  # fmt: skip
    found = confirm_factors(Responses(frame, both), missing="fiml")
    assert (found.matrix.n, found.matrix.n_dropped) == (395, 5)
    assert "5 not used" in found.note()
    assert confirm_factors(Responses(frame, both), of="gap", missing="fiml").matrix.n == 395


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"estimator": "wlsmv"}, "answers taken as numbers"),
        ({"estimator": "mlm"}, "Take estimator='mlr'"),
        ({"missing": "fmil"}, "Choose one of"),
    ],
)
def test_bad_requests_are_told(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        confirm_factors(responses(answers()), **{"missing": "fiml", **asked})


def test_a_matrix_alone_has_no_missing_answers() -> None:
    matrix = ItemMatrix.from_matrix(np.full((4, 4), 0.5) + 0.5 * np.eye(4), 200, dimensions=["a"] * 4)
    with pytest.raises(SpecError, match="needs the answers themselves"):
        confirm_factors(matrix, missing="fiml")


def test_the_callers_data_stay_as_they_are() -> None:
    frame = answers()
    before = frame.copy()
    confirm_factors(responses(frame), missing="fiml", estimator="mlr")
    pd.testing.assert_frame_equal(frame, before)


def test_solutions_say_what_they_are() -> None:
    found = confirm_factors(responses(answers()), missing="fiml")
    assert isinstance(found.solution, Solution)
    assert found.indices.logl == pytest.approx(
        log_likelihood(answers().to_numpy(), found.solution.matrices[0].mean, found.solution.matrices[0].covariance)
    )
