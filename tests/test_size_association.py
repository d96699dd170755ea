"""Sizes for alpha, correlations, regression, groups and cross tables: R's pwr, statsmodels, simulated studies, intervals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from survey_design.errors import SpecError
from survey_design.size.association import (
    alpha_margin,
    alpha_power,
    chi2_power,
    coefficient_margin,
    correlation_margin,
    correlation_power,
    effect_f,
    effect_w,
    f_power,
    size_for_alpha,
    size_for_correlation,
    size_for_crosstab,
    size_for_groups,
    size_for_regression,
)
from survey_design.size.contrasts import Test as Risk

Z = stats.norm.ppf(0.975)


def near(share: float, expected: float, runs: int, also: float = 0.0) -> bool:
    """Within four standard errors of a simulated share, and what an approximation may add."""
    return abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / runs) + also


# --- R's pwr -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pwr(shared):
    return shared.oracle("power_pwr.json")["results"]


def test_correlations_have_the_n_of_pwr(pwr):
    for row in pwr["correlation_n"]:
        assert size_for_correlation(row["r"]).exact == pytest.approx(row["n_power80"], abs=1e-3)
        assert size_for_correlation(-row["r"]).exact == pytest.approx(row["n_power80"], abs=1e-3)


def test_groups_have_the_n_of_pwr(pwr):
    for row in pwr["anova_n"]:
        size = size_for_groups(row["k"], row["f"])
        assert size.exact / row["k"] == pytest.approx(row["n_per_group_power80"], abs=1e-3)
        assert set(size.n_by_cell.values()) == {math.ceil(row["n_per_group_power80"])}


def test_cross_tables_have_the_n_of_pwr(pwr):
    for row in pwr["chisq_N"]:
        assert size_for_crosstab(row["w"], row["df"]).exact == pytest.approx(row["N_power80"], abs=1e-3)


def test_regressions_have_the_denominator_of_pwr(pwr):
    for row in pwr["f2_v"]:
        size = size_for_regression(row["u"], f2=row["f2"])
        assert size.exact - row["u"] - 1 == pytest.approx(row["v_power80"], abs=1e-3)


# --- statsmodels -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0.7, 0.9])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_statsmodels_agrees(power, level):
    from statsmodels.stats.power import FTestAnovaPower, FTestPowerF2, GofChisquarePower

    alpha = 1 - level
    groups = size_for_groups(4, 0.18, power=power, level=level)
    assert FTestAnovaPower().power(0.18, groups.exact, alpha, 4) == pytest.approx(power, abs=1e-6)
    table = size_for_crosstab(0.15, 3, power=power, level=level)
    assert GofChisquarePower().power(0.15, table.exact, alpha, 4) == pytest.approx(power, abs=1e-6)
    drivers = size_for_regression(6, f2=0.08, power=power, level=level)
    assert FTestPowerF2().power(0.08, 6, drivers.exact - 7, alpha) == pytest.approx(power, abs=1e-6)


def test_two_groups_are_a_t_test_and_one_degree_of_freedom_is_a_z_test():
    from statsmodels.stats.power import TTestIndPower

    each = TTestIndPower().solve_power(0.5, power=0.8, alpha=0.05)
    assert size_for_groups(2, 0.25).exact == pytest.approx(2 * each, rel=1e-6)
    for shift in (0.5, 2.0, 3.5):
        tails = stats.norm.sf(Z - shift) + stats.norm.cdf(-Z - shift)
        assert chi2_power(1, shift**2) == pytest.approx(tails, abs=1e-9)
        assert f_power(1, 1e6, shift**2) == pytest.approx(tails, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.floats(0.08, 0.6))
def test_comparing_groups_is_a_regression_on_their_dummies(k, f):
    assert size_for_groups(k, f).exact == pytest.approx(size_for_regression(k - 1, f2=f**2).exact, rel=1e-9)


# --- intervals of others, computed from data ---------------------------------------------------------------


def exact_sample(n: int, correlation: np.ndarray, seed: int) -> np.ndarray:
    """(n, k) numbers whose sample correlations are exactly those given."""
    x = np.random.default_rng(seed).normal(size=(n, len(correlation)))
    x -= x.mean(axis=0)
    white = x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / n)).T
    return white @ np.linalg.cholesky(correlation).T


@pytest.mark.parametrize(("n", "r"), [(30, 0.3), (200, -0.6), (85, 0.0)])
def test_fishers_interval_is_that_of_scipy(n, r):
    x, y = exact_sample(n, np.array([[1, r], [r, 1]]), 1).T
    low, high = stats.pearsonr(x, y).confidence_interval(0.9)
    assert correlation_margin(n, r, level=0.9) == pytest.approx((high - low) / 2, rel=1e-9)


def test_feldts_interval_is_that_of_pingouin():
    pingouin = pytest.importorskip("pingouin")
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.normal(size=(90, 1)) + rng.normal(size=(90, 6)))
    alpha, (low, high) = pingouin.cronbach_alpha(data=data, ci=0.9)
    margin = alpha_margin(90, 6, alpha, method="feldt", level=0.9)
    assert margin == pytest.approx((high - low) / 2, abs=0.001)  # pingouin rounds to three places
    assert margin == pytest.approx(alpha_margin(90, 6, alpha, level=0.9), rel=0.05)


def test_the_interval_of_a_coefficient_is_that_of_statsmodels():
    import statsmodels.api as sm

    n = 120
    among = np.array([[1, 0.5, 0.3], [0.5, 1, 0.4], [0.3, 0.4, 1]])
    toward = np.array([0.5, 0.45, 0.2])
    whole = np.block([[among, toward[:, None]], [toward[None, :], np.ones((1, 1))]])
    data = exact_sample(n, whole, 5)
    fit = sm.OLS(data[:, 3], sm.add_constant(data[:, :3])).fit()
    for j in range(3):
        others = [k for k in range(3) if k != j]
        shared = among[j, others] @ np.linalg.solve(among[np.ix_(others, others)], among[j, others])
        low, high = fit.conf_int(0.05)[j + 1]
        assert coefficient_margin(n, 3, fit.rsquared, r2_predictor=shared) == pytest.approx((high - low) / 2, rel=1e-9)


# --- simulated studies -------------------------------------------------------------------------------------


def test_the_power_of_a_correlation_is_reached():
    rng, r, runs = np.random.default_rng(11), 0.3, 6000
    n = size_for_correlation(r).n
    x = rng.normal(size=(runs, n))
    y = r * x + math.sqrt(1 - r**2) * rng.normal(size=(runs, n))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    found = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    t = np.abs(found) * np.sqrt((n - 2) / (1 - found**2))
    assert near((t > stats.t.ppf(0.975, n - 2)).mean(), correlation_power(n, r), runs, also=0.003)


def simulated_alphas(rng: np.random.Generator, n: int, k: int, alpha: float, runs: int) -> np.ndarray:
    """(runs,) alphas of samples of n respondents to k parallel normal items."""
    shared = alpha / (k - alpha * (k - 1))  # correlation of any two items
    answers = math.sqrt(shared) * rng.normal(size=(runs, n, 1)) + math.sqrt(1 - shared) * rng.normal(size=(runs, n, k))
    items = answers.var(axis=1, ddof=1).sum(axis=1)
    return k / (k - 1) * (1 - items / answers.sum(axis=2).var(axis=1, ddof=1))


def test_the_power_to_tell_an_alpha_from_a_threshold_is_reached():
    rng, k, alpha, null, runs = np.random.default_rng(12), 5, 0.8, 0.7, 5000
    n = size_for_alpha(k, alpha, null=null, method="feldt").n
    ratio = (1 - null) / (1 - simulated_alphas(rng, n, k, alpha, runs))
    df = (n - 1, (n - 1) * (k - 1))
    refused = (ratio > stats.f.ppf(0.975, *df)) | (ratio < stats.f.ppf(0.025, *df))
    assert near(refused.mean(), alpha_power(n, k, alpha, null, method="feldt"), runs)
    one = stats.f.ppf(0.95, *df) < ratio
    assert near(one.mean(), alpha_power(n, k, alpha, null, method="feldt", test=Risk(0.95, "one-sided")), runs)


def test_a_threshold_above_is_told_as_well():
    rng, k, alpha, null, runs, n = np.random.default_rng(13), 4, 0.7, 0.8, 5000, 80
    ratio = (1 - null) / (1 - simulated_alphas(rng, n, k, alpha, runs))
    one = ratio < stats.f.ppf(0.05, n - 1, (n - 1) * (k - 1))
    assert near(one.mean(), alpha_power(n, k, alpha, null, method="feldt", test=Risk(0.95, "one-sided")), runs)


def test_the_interval_of_alpha_is_as_wide_as_planned():
    rng, k, alpha, runs = np.random.default_rng(14), 5, 0.8, 3000
    for method in ("bonett", "feldt"):
        n = size_for_alpha(k, alpha, margin=0.05, method=method).n
        widths = alpha_margin(n, k, 0.0, method=method) * (1 - simulated_alphas(rng, n, k, alpha, runs))
        assert widths.mean() == pytest.approx(0.05, rel=0.02)
    assert n == pytest.approx(size_for_alpha(k, alpha, margin=0.05).n, rel=0.03)


def test_the_power_of_some_predictors_is_reached():
    """The noncentrality is f² n: with f² (u + v + 1) the power would come out .02 too low."""
    rng, p, u, f2, runs = np.random.default_rng(15), 5, 2, 0.15, 20_000
    n = size_for_regression(p, f2=f2, tested=u).n
    x = exact_sample(n, np.eye(p), 16)
    y = (x[:, :u] * math.sqrt(f2 / u)).sum(axis=1) + rng.normal(size=(runs, n))
    y -= y.mean(axis=1, keepdims=True)
    explained = (y @ x) ** 2 / n
    left = (y**2).sum(axis=1) - explained.sum(axis=1)
    f = explained[:, :u].sum(axis=1) / u / (left / (n - p - 1))
    stated = f_power(u, n - p - 1, f2 * n)
    assert near((f > stats.f.ppf(0.95, u, n - p - 1)).mean(), stated, runs)
    assert stated - f_power(u, n - p - 1, f2 * (u + n - p)) > 0.015


def small_populations(rng: np.random.Generator, size: int, runs: int, r: float) -> tuple[np.ndarray, np.ndarray]:
    """(runs, size) x and y whose correlation in each population is exactly r."""
    x, e = rng.normal(size=(2, runs, size))
    x -= x.mean(axis=1, keepdims=True)
    x /= np.sqrt((x**2).mean(axis=1, keepdims=True))
    e -= e.mean(axis=1, keepdims=True)
    e -= x * (x * e).mean(axis=1, keepdims=True)
    e /= np.sqrt((e**2).mean(axis=1, keepdims=True))
    return x, r * x + math.sqrt(1 - r**2) * e


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))


def test_the_power_of_a_correlation_in_a_small_population_is_that_of_the_corrected_test():
    runs, people, r = 20_000, 60, 0.4
    size = size_for_correlation(r, population=people)
    x, y = small_populations(np.random.default_rng(17), people, runs, r)
    found = correlations(x[:, : size.n], y[:, : size.n])
    t = np.abs(found) * np.sqrt((size.n - 2) / (1 - found**2) / (1 - size.n / people))
    assert near((t > stats.t.ppf(0.975, size.n - 2)).mean(), size.achieved, runs, also=0.01)
    assert "an ordinary test finds less" in size.note()


def test_fishers_interval_in_a_small_population_covers():
    """20 of 30 people: with 60 − 3 instead of (20 − 3)/(1 − 20/30) the interval is 5% too short."""
    runs, r, n, people = 40_000, 0.5, 20, 30
    x, y = small_populations(np.random.default_rng(18), people, runs, r)
    error = np.arctanh(correlations(x[:, :n], y[:, :n])) - math.atanh(r)
    half = math.atanh(correlation_margin(n, 0.0, people=people))
    assert near((np.abs(error) <= half).mean(), 0.95, runs, also=0.005)
    assert (np.abs(error) <= Z / math.sqrt(60 - 3)).mean() < 0.94


@pytest.mark.parametrize(("n", "people"), [(15, 20), (30, 50)])
def test_the_error_of_alpha_in_a_small_population(n, people):
    rng, k, rho, runs = np.random.default_rng(19), 5, 4 / 9, 20_000
    answers = math.sqrt(rho) * rng.normal(size=(runs, people, 1)) + math.sqrt(1 - rho) * rng.normal(
        size=(runs, people, k)
    )

    def log_rest(part: np.ndarray) -> np.ndarray:
        items = part.var(axis=1, ddof=1).sum(axis=1)
        return np.log(1 - k / (k - 1) * (1 - items / part.sum(axis=2).var(axis=1, ddof=1)))

    error = log_rest(answers[:, :n]) - log_rest(answers)
    half = math.asinh(alpha_margin(n, k, 0.0, people=people))
    assert near((np.abs(error) <= half).mean(), 0.95, runs, also=0.005)
    low, high = np.quantile(np.exp(-error), [0.025, 0.975])
    assert alpha_margin(n, k, 0.0, method="feldt", people=people) == pytest.approx((high - low) / 2, rel=0.03)


def test_the_power_of_a_regression_in_a_small_population_is_that_of_the_corrected_test():
    """100 people, of whom 48 find f² = .15 in some 74% of samples."""
    rng, p, f2, people, runs = np.random.default_rng(20), 5, 0.15, 100, 8000
    x = rng.normal(size=(runs, people, p))
    x -= x.mean(axis=1, keepdims=True)
    whole = np.concatenate([np.ones((runs, people, 1)), x], axis=2)
    e = rng.normal(size=(runs, people, 1))
    e -= whole @ np.linalg.solve(whole.transpose(0, 2, 1) @ whole, whole.transpose(0, 2, 1) @ e)
    fit = x.sum(axis=2, keepdims=True)
    y = fit / np.sqrt((fit**2).mean(axis=1, keepdims=True)) * math.sqrt(f2)
    y = y + e / np.sqrt((e**2).mean(axis=1, keepdims=True))

    def found(n: int) -> float:
        a, b = whole[:, :n], y[:, :n]
        crossed = a.transpose(0, 2, 1) @ a
        slopes = np.linalg.solve(crossed, a.transpose(0, 2, 1) @ b)
        s2 = ((b - a @ slopes) ** 2).sum(axis=1) / (n - p - 1) * (1 - n / people)
        covariance = np.linalg.inv(crossed)[:, 1:, 1:]
        f = (slopes[:, 1:].transpose(0, 2, 1) @ np.linalg.solve(covariance, slopes[:, 1:]))[:, 0, 0] / s2[:, 0] / p
        return float((f > stats.f.ppf(0.95, p, n - p - 1)).mean())

    def stated(n: int) -> float:
        """The power over samples of predictors, whose spread is that of χ² on n − 1 degrees of freedom."""
        left = 1 - n / people
        spreads = stats.chi2.ppf((np.arange(200) + 0.5) / 200, n - 1) - (n - 1)
        worth = (n + math.sqrt(left) * spreads) / left * (1 - (p + 1) / people)
        return float(np.mean([f_power(p, n - p - 1, f2 * each) for each in worth]))

    size = size_for_regression(p, f2=f2, population=people)
    assert size.n > 48
    for n in (48, size.n):
        assert near(found(n), stated(n), runs, also=0.005)
        assert 0 < size.reached(n) - stated(n) < 0.022, "predictors as given numbers"
    assert near(found(48), 0.74, runs)


# --- identities --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 22), st.floats(0.4, 0.95), st.floats(0.01, 0.1))
def test_bonetts_margin_has_its_closed_form(k, alpha, margin):
    n = 2 + 2 * k / (k - 1) * (Z / math.asinh(margin / (1 - alpha))) ** 2
    assert size_for_alpha(k, alpha, margin=margin).exact == pytest.approx(max(n, 3), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 22), st.floats(0.5, 0.95), st.floats(0.03, 0.3), st.sampled_from([0.7, 0.8, 0.95]))
def test_bonetts_power_has_its_closed_form(k, alpha, below, power):
    null = alpha - below
    n = 2 + 2 * k / (k - 1) * ((Z + stats.norm.ppf(power)) / math.log((1 - null) / (1 - alpha))) ** 2
    assert size_for_alpha(k, alpha, null=null, power=power).exact == pytest.approx(max(n, 3), rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(0.02, 0.2))
def test_the_margin_is_met_and_one_fewer_misses_it(r, margin):
    size = size_for_correlation(r, margin=margin)
    assert correlation_margin(size.n, r) <= margin * (1 + 1e-9)
    assert size.n == 4 or correlation_margin(size.n - 1, r) > margin
    assert size.achieved == pytest.approx(correlation_margin(size.n, r), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.8), st.floats(1.0, 3.0))
def test_a_design_effect_multiplies_n_and_power_stays(r, deff):
    plain, clustered = size_for_correlation(r), size_for_correlation(r, deff=deff)
    assert clustered.exact == pytest.approx(deff * plain.exact, rel=1e-12)
    assert clustered.achieved >= 0.8
    assert correlation_power((clustered.n - 1) / deff, r) < 0.8


def test_a_finite_population_needs_fewer_and_everyone_leaves_no_doubt():
    assert size_for_correlation(0.3, population=900).n == 78
    everyone = size_for_alpha(5, 0.8, margin=0.05, population=400)
    assert everyone.reached(400) == 0.0
    assert size_for_alpha(5, 0.8, null=0.7, population=400).reached(400) == 1.0
    assert size_for_correlation(0.2, population=900).reached(900) == 1.0
    assert size_for_correlation(0.2, margin=0.1, population=900).reached(900) == 0.0
    assert size_for_regression(3, f2=0.1, population=900).reached(900) == 1.0
    assert size_for_regression(3, r2=0.3, margin=0.1, population=900).reached(900) == 0.0
    assert size_for_crosstab(0.2, 2, population=900).reached(900) == 1.0


def test_r2_and_f2_say_the_same():
    assert size_for_regression(5, r2=0.13).exact == pytest.approx(
        size_for_regression(5, f2=0.13 / 0.87).exact, rel=1e-12
    )
    added = size_for_regression(5, r2=0.30, r2_without=0.25, tested=2)
    assert added.exact == pytest.approx(size_for_regression(5, f2=0.05 / 0.70, tested=2).exact, rel=1e-12)


def test_effects_from_planned_means_and_tables():
    assert effect_f([4, 5, 6], 2.0) == pytest.approx(math.sqrt(2 / 3) / 2, rel=1e-12)
    table = np.array([[30, 14, 6], [22, 20, 18]])
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    assert effect_w(table) == pytest.approx(math.sqrt(chi2 / table.sum()), rel=1e-12)
    assert effect_w(table / table.sum()) == pytest.approx(effect_w(table), rel=1e-12)


# --- what it says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "english", "chinese"),
    [
        (size_for_alpha(5, 0.8, null=0.7), "find the difference of an alpha of 0.8 from 0.7", "发现 α = 0.8 与 0.7 之差的功效"),
        (size_for_alpha(5, 0.8, margin=0.05), "estimate Cronbach's alpha to within ±0.05", "Cronbach α 系数的误差控制在 ±0.05 以内"),
        (size_for_correlation(0.3), "find a correlation of 0.3", "发现 0.3 的相关的功效"),
        (size_for_correlation(0.3, margin=0.1), "estimate a correlation to within", "将相关系数的误差"),
        (size_for_regression(5, f2=0.15), "find an effect of f² = 0.15", "大小为 f² = 0.15 的效应"),
        (size_for_regression(5, r2=0.4, margin=0.1), "a standardized regression coefficient to within", "标准化回归系数的误差"),
        (size_for_groups(3, 0.25), "find differences of f = 0.25", "大小为 f = 0.25 的差异"),
        (size_for_crosstab(0.1, 4), "find an association of w = 0.1", "大小为 w = 0.1 的关联"),
    ],
)  # fmt: skip
def test_sentences_ledgers_and_notes_in_both_languages(size, english, chinese):
    assert english in size.sentence()
    assert chinese in size.sentence("zh")
    assert list(size.frame["step"]) == ["base", "population", "design", "response", "quotas"]
    assert f"{size.n:,}" in size.title()
    assert "Source: " in size.note()
    assert "来源：" in size.in_language("zh").note()
    assert size.goal.formula in size.to_string()
    assert size.goal.is_met(size.achieved)


def test_the_groups_are_named():
    size = size_for_groups(3, 0.25, names=["flagship", "first tier", "hypermarket"], response_rate=0.5)
    assert size.n_by_cell == {"flagship": 53, "first tier": 53, "hypermarket": 53}
    assert size.n_to_approach == 318
    assert "第 1 组" in size_for_groups(3, 0.25).in_language("zh").note()


# --- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: size_for_alpha(1, 0.8, margin=0.1), "items=1 cannot be used"),
        (lambda: size_for_alpha(4.5, 0.8, margin=0.1), "items=4.5 cannot be used: it must be a whole number"),
        (lambda: size_for_alpha(5, 1.0, margin=0.1), "alpha=1.0 cannot be used"),
        (lambda: size_for_alpha(5, 0.8), "Give either margin"),
        (lambda: size_for_alpha(5, 0.8, margin=0.1, null=0.7), "not both"),
        (lambda: size_for_alpha(5, 0.8, null=0.8), "the expected alpha itself"),
        (lambda: size_for_alpha(5, 0.8, margin=0.0), "margin=0.0 cannot be used"),
        (lambda: size_for_alpha(5, 0.8, margin=0.1, alternative="one-sided"), "leave alternative out"),
        (lambda: size_for_alpha(5, 0.8, margin=0.1, method="felt"), "Did you mean 'feldt'?"),
        (lambda: size_for_alpha(5, 0.8, null=0.7, power=0.04), "power=0.04 cannot be used"),
        (lambda: size_for_correlation(1.0), "r=1.0 cannot be used"),
        (lambda: size_for_correlation(float("nan")), "r=nan cannot be used"),
        (lambda: size_for_correlation(0), "r=0 is what the test assumes"),
        (lambda: size_for_correlation(0.3, margin=0), "margin=0 cannot be used"),
        (lambda: size_for_correlation(0.3, margin=0.1, alternative="one-sided"), "two sides"),
        (lambda: size_for_correlation(0.3, level=95), "level=95 cannot be used"),
        (lambda: size_for_correlation(0.3, response_rate=0), "response_rate=0 cannot be used"),
        (lambda: size_for_correlation(0.01, population=3), "population=3 is smaller"),
        (lambda: size_for_regression(0, f2=0.1), "predictors=0 cannot be used"),
        (lambda: size_for_regression(5), "Give either r2"),
        (lambda: size_for_regression(5, r2=0.1, f2=0.1), "Give either r2"),
        (lambda: size_for_regression(5, f2=0), "f2=0 cannot be used"),
        (lambda: size_for_regression(5, f2=0.1, r2_without=0.1), "r2_without goes with r2"),
        (lambda: size_for_regression(5, r2=0.1, r2_without=0.2), "r2_without=0.2 cannot be used"),
        (lambda: size_for_regression(5, f2=0.1, tested=6), "tested=6 cannot be used"),
        (lambda: size_for_regression(5, margin=0.1), "give r2 with it"),
        (lambda: size_for_regression(5, r2=0.3, margin=0.1, r2_predictor=1.0), "r2_predictor=1.0 cannot be used"),
        (lambda: size_for_groups(1, 0.2), "groups=1 cannot be used"),
        (lambda: size_for_groups(3, 0.0), "f=0.0 cannot be used"),
        (lambda: size_for_groups(3, 0.2, names=["a"]), "names has 1 names for 3 groups"),
        (lambda: size_for_crosstab(-0.1, 2), "w=-0.1 cannot be used"),
        (lambda: size_for_crosstab(0.1, 0), "df=0 cannot be used"),
        (lambda: effect_f([4], 1), "two groups or more"),
        (lambda: effect_f([4, 5], 0), "sd=0 cannot be used"),
        (lambda: effect_w([[0, 0], [1, 2]]), "row or column that is all 0"),
        (lambda: size_for_correlation(1e-6), "no sample up to"),
        (lambda: size_for_correlation(0.3, margin=0.1, power=0.9), "power=0.9 has no place here: a margin"),
        (lambda: size_for_alpha(5, 0.8, margin=0.1, power=0.9), "power=0.9 has no place here"),
        (lambda: size_for_regression(5, r2=0.4, margin=0.1, power=0.9), "power=0.9 has no place here"),
        (lambda: size_for_regression(5, r2=0.4, r2_predictor=0.5), "r2_predictor=0.5 has no place here"),
        (lambda: size_for_regression(5, r2=0.4, margin=0.1, r2_without=0.1), "r2_without=0.1 has no place here"),
        (lambda: size_for_alpha(1, 0.8, margin=0.1), "it must be a number of 2 or more"),
        (lambda: size_for_regression(5, r2=-0.1, margin=0.1), "of 0 or more and below 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_sized_is_named(call, words):
    with pytest.raises(SpecError) as caught:
        call()
    assert words in str(caught.value)
