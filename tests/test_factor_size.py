"""The size for factors.

Authorities: R's psych for the loadings of nine tests (kept beside the project) and, in tests/reference/factor_size.toml, for
chances that R simulated and psych factored; statsmodels for principal axes; scipy for the rotation; Horn's eigenvalues
simulated in R. Identities: large samples are right, errors of the loadings fall as 1/n, nothing depends on the order of
items.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.factor_size import (
    FactorSize,
    Population,
    _population,
    _Trial,
    aligned,
    congruence,
    correlations,
    factors_found,
    never_falling,
    noise_eigenvalues,
    principal_axes,
    size_for_factors,
)
from servqual.plots import new_axes, save_svg
from survey_design.errors import SpecError

REFERENCE = tomllib.loads((Path(__file__).parent / "reference" / "factor_size.toml").read_text(encoding="utf-8"))


@cache
def small() -> FactorSize:
    return size_for_factors([4, 4, 4], 0.7, replicates=200, seed=1, deff=1.5, response_rate=0.5)


# --- extraction ----------------------------------------------------------------------------------------------


def exact(observed: np.ndarray, factors: int) -> np.ndarray:
    return principal_axes(observed[None], factors, tolerance=1e-10, rounds=20_000)[0]


def test_loadings_of_nine_tests_are_those_of_psych(shared):
    tests = shared.frame("holzinger_swineford_1939.csv")[[f"x{k}" for k in range(1, 10)]]
    known = np.array(shared.oracle("efa_hs9.json")["efa"]["minres_none"]["loadings"]["values"])
    found = exact(correlations(tests.to_numpy(float)[None])[0], 3)
    found *= np.sign((found * known).sum(axis=0))
    assert np.abs(found - known).max() < 1e-4  # psych stops where its optimiser does


def test_loadings_are_those_of_statsmodels():
    from statsmodels.multivariate.factor import Factor

    true = _population([4, 5, 4], 0.6, 0.3, None)
    observed = correlations(true.sample(300, 1, np.random.default_rng(3)))[0]
    fit = Factor(corr=observed, n_factor=3, method="pa", smc=True).fit(maxiter=20_000, tol=1e-10)
    found = exact(observed, 3)
    found *= np.sign((found * fit.loadings).sum(axis=0))
    assert np.abs(found - fit.loadings).max() < 1e-5


def test_the_true_correlations_give_back_the_true_loadings():
    true = _population([3, 4, 5], [0.8, 0.6, 0.5], 0.4, None)
    assert aligned(exact(true.implied, 3)[None], true)[0] == pytest.approx(true.loadings, abs=1e-6)


def test_in_heywood_cases_the_uniqueness_stops_at_its_bound():
    """Against an optimiser over the uniquenesses; psych, which leaves the diagonal out there, is within 0.01."""
    from scipy.optimize import minimize

    observed = np.array([[1, 0.9, 0.8, 0.1], [0.9, 1, 0.5, 0.1], [0.8, 0.5, 1, 0.1], [0.1, 0.1, 0.1, 1]])

    def loadings(unique):
        values, vectors = np.linalg.eigh(observed - np.diag(unique))
        return vectors[:, -1] * np.sqrt(values[-1])

    def residual(unique):
        found = loadings(unique)
        return ((observed - np.diag(unique) - np.outer(found, found)) ** 2).sum()

    best = minimize(residual, np.full(4, 0.3), bounds=[(0.005, 1)] * 4, options={"ftol": 1e-15, "gtol": 1e-10})
    assert best.x[0] == pytest.approx(0.005), "a Heywood case"
    found = exact(observed, 1)[:, 0]
    assert np.abs(found) == pytest.approx(np.abs(loadings(best.x)), abs=1e-4)
    assert np.abs(found) == pytest.approx([1.0391078451, 0.8171627022, 0.7033470076, 0.1143467191], abs=0.01)


def test_the_rotation_is_scipys_procrustes():
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(2)
    true = _population([4, 4], 0.7, 0.0, None)
    found = rng.normal(size=(8, 2))
    turn, _ = orthogonal_procrustes(found, true.loadings)
    assert aligned(found[None], true)[0] == pytest.approx(found @ turn)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 6.2))
def test_congruence_does_not_see_rotations_of_the_unrotated_loadings(seed, angle):
    true = _population([3, 3], 0.7, 0.3, None)
    found = np.random.default_rng(seed).normal(size=(1, 6, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    once, again = (congruence(aligned(loadings, true), true.loadings) for loadings in (found, found @ turn))
    assert once == pytest.approx(again, abs=1e-9)
    assert (np.abs(once) <= 1 + 1e-12).all()


# --- parallel analysis ---------------------------------------------------------------------------------------


def test_random_eigenvalues_and_the_number_of_factors_are_those_of_r(shared):
    tests = shared.frame("holzinger_swineford_1939.csv")[[f"x{k}" for k in range(1, 10)]].to_numpy(float)[None]
    known = shared.oracle("parallel_hs9.json")["results"]
    noise = noise_eigenvalues(301, 9, np.random.default_rng(1), draws=2000)
    assert np.abs(noise - known["pca_random_normal"]["q95"]).max() < 0.02  # the file's own tolerance
    observed = correlations(tests)
    assert np.linalg.eigvalsh(observed[0])[::-1] == pytest.approx(known["observed_eigenvalues"], rel=1e-9)
    assert factors_found(observed, noise).tolist() == [known["pca_random_normal"]["n_components_q95"]]


def test_factors_after_a_gap_do_not_count():
    observed = np.diag([2.0, 1.0, 1.0])[None]
    assert factors_found(observed, np.array([1.5, 1.2, 0.5])).tolist() == [1]
    assert factors_found(observed, np.array([2.5, 0.2, 0.5])).tolist() == [0]


# --- chances ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFERENCE["case"], ids=lambda case: f"{case['items']} n={case['n']}")
def test_chances_are_those_of_simulations_in_r(case):
    runs, samples = 1500, REFERENCE["meta"]["samples"]
    true = _population(case["items"], case["loading"], case["factor_correlation"], case.get("points"))
    found = {}
    for criterion in ("loadings", "number"):
        right, worst = _Trial(true, criterion, REFERENCE["meta"]["agreement"], runs, 8).at(case["n"])
        found[criterion] = right / runs
    for name, known in (("loadings", case["agree"]), ("number", case["number"])):
        pooled = (known * samples + found[name] * runs) / (samples + runs)
        error = np.sqrt(pooled * (1 - pooled) * (1 / samples + 1 / runs))
        assert abs(found[name] - known) < 3.5 * error, name
    assert worst == pytest.approx(case["worst"], abs=0.005)


def test_large_samples_are_right_and_the_error_falls_as_one_over_n():
    true = _population([4, 4, 4], 0.6, 0.3, None)
    trial = _Trial(true, "loadings", 0.95, 200, 4)
    (_, some), (_, many) = trial.at(400), trial.at(1600)
    assert (1 - some) / (1 - many) == pytest.approx(4, rel=0.15)
    assert trial.at(5000) == (200, pytest.approx(1, abs=2e-3))


def test_stronger_loadings_and_more_items_need_fewer_answers():
    def n(items, loading, **more):
        return size_for_factors(items, loading, replicates=100, seed=2, points=None, **more).n

    usual = n([4, 4], 0.6)
    assert n([4, 4], 0.75) < usual < n([4, 4], 0.5)
    assert n([6, 6], 0.6) < usual
    assert n([4, 4], 0.6, agreement=0.9) < usual < n([4, 4], 0.6, chance=0.99)
    assert usual < size_for_factors([4, 4], 0.6, replicates=100, seed=2, points=3).n, "coarse ratings say less"


def test_ratings_are_equal_steps_over_two_and_a_half_standard_deviations():
    true = _population([4, 4], 0.6, 0.3, 5)
    answers = true.sample(4000, 1, np.random.default_rng(1))[0]
    assert sorted(np.unique(answers)) == [0, 1, 2, 3, 4]
    shares = np.bincount(answers[:, 0].astype(int)) / 4000
    assert shares == pytest.approx([0.0668, 0.2417, 0.3829, 0.2417, 0.0668], abs=0.03)  # the normal's over ±0.5, ±1.5
    assert np.corrcoef(true.sample(20_000, 1, np.random.default_rng(1))[0].T)[0, 1] == pytest.approx(0.36, abs=0.04)


def test_an_item_that_everybody_answers_alike_correlates_with_nothing():
    answers = np.random.default_rng(1).normal(size=(1, 20, 3))
    answers[..., 1] = 4.0
    found = correlations(answers)[0]
    assert found[1].tolist() == [0, 1, 0]
    assert found[0, 2] == pytest.approx(np.corrcoef(answers[0, :, 0], answers[0, :, 2])[0, 1])


# --- the search and the ledger ---------------------------------------------------------------------------------


def test_the_chance_is_reached_at_the_size_that_is_named():
    size, points = small(), small().simulated
    base = size.step("base")["n"]
    below, above = points[points["n"] < base], points[points["n"] >= base]
    assert below["chance"].max() < 0.9 <= above["chance"].iloc[0]
    assert np.interp(np.log(base), np.log(points["n"]), points["smoothed"]) == pytest.approx(0.9)
    assert size.base_low < base < size.base_high
    again = _Trial(_population([4, 4, 4], 0.7, 0.3, 7), "loadings", 0.95, 2000, 77).at(round(base))[0] / 2000
    assert again == pytest.approx(0.9, abs=0.05)  # a fresh simulation of that size


def test_the_ledger_takes_it_to_the_field():
    size = small()
    assert size.step("design")["n"] == pytest.approx(1.5 * size.step("base")["n"])
    assert size.n == int(np.ceil(size.step("design")["n"]))
    assert size.n_to_approach == 2 * size.n
    assert 0.9 <= size.achieved < 0.92
    quotas = size_for_factors([4, 4, 4], 0.7, replicates=200, seed=1, quotas=4)
    assert quotas.n % 4 == 0
    assert quotas.step("base")["n"] == size.step("base")["n"], "the same seed"


def test_loadings_may_be_given_one_by_one():
    matrix = _population([4, 4, 4], 0.7, 0.3, 7).loadings
    whole = size_for_factors(matrix, replicates=200, seed=1, factor_correlation=np.full((3, 3), 0.3) + 0.7 * np.eye(3))
    assert whole.step("base")["n"] == small().step("base")["n"]
    assert "载荷 0.7，因子相关 0.3，7 点量表" in whole.in_language("zh").note()


def test_one_factor_needs_no_rotation():
    size = size_for_factors([8], 0.6, replicates=100, seed=1)
    assert size.title() == f"Sample size for 1 factor of 8 items: {size.n} interviews"
    assert "factor correlation" not in size.note()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_smoothing_is_isotonic_regression(values):
    from scipy.optimize import isotonic_regression

    assert never_falling(np.array(values)) == pytest.approx(isotonic_regression(values).x, abs=1e-12)


# --- words and pictures ----------------------------------------------------------------------------------------


def test_it_speaks_both_languages():
    size = small()
    assert size.sentence().startswith(f"With {size.n} completed interviews, at least 90% of samples show 3 factors, each with a "
                                      "congruence of 0.95 or more to the true loadings; ")  # fmt: skip
    assert size.sentence().endswith(f"{2 * size.n} people must be approached at a response rate of 50%.")
    assert size.sentence("zh") == size.in_language("zh").sentence() == (
        f"完成 {size.n} 份访谈，至少 90% 的样本会得到 3 个因子，且各自与真实载荷的一致性系数不低于 0.95；"
        f"按应答率 50% 计算，需接触 {2 * size.n} 人。"
    )  # fmt: skip
    assert "200 simulated samples of each size, seed 1; chance wanted 90%, achieved 90" in size.note()
    assert "so n is a lower bound" in size.note()
    chinese = size.in_language("zh")
    assert chinese.title() == f"样本量（12 个题项的 3 个因子）：完成 {size.n} 份访谈"
    assert "每种样本量模拟 200 次，随机种子 1；目标把握 90%" in chinese.note()
    assert "significance" not in size.note() + size.sentence()
    number = size_for_factors([4, 4], 0.7, replicates=100, seed=1, criterion="number")
    assert "show 2 factors by parallel analysis" in number.sentence()
    assert "经平行分析得到 2 个因子" in number.sentence("zh")
    assert "95th percentile" in number.note()
    assert "第 95 百分位" in number.in_language("zh").note()


def test_the_picture_shows_what_was_simulated():
    for language, word in (("en", "chance in percent"), ("zh", "把握，%")):
        size = small().in_language(language)
        ax = size.plot(new_axes())
        lines = {line.get_label(): line for line in ax.lines}
        shown = dict(zip(lines["simulated"].get_xdata(), lines["simulated"].get_ydata(), strict=True))
        points = dict(zip(1.5 * size.simulated["n"], 100 * size.simulated["chance"], strict=True))
        assert shown.items() <= points.items()
        assert len(shown) >= 4
        assert lines["chosen"].get_xdata() == [size.n]
        assert (np.diff(lines["smoothed"].get_ydata()) >= 0).all()
        assert word in [text.get_text() for text in ax.texts]
    assert save_svg(small().plot(new_axes())) == save_svg(small().plot(new_axes()))


# --- requests that cannot be met -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"items": [4, 1]}, r"items=\[4, 1\] cannot be used: give how many items each dimension has, 2 or more"),
        ({"items": []}, r"items=\[\] cannot be used"),
        ({"items": [4, 4.5]}, "cannot be used"),
        ({"items": [2, 2], "loading": 0.6}, "4 items are too few for 2 factors"),
        ({"loading": None}, "loading is missing. Say how strongly items load"),
        ({"loading": 1.2}, "loading=1.2 must lie between 0 and 1"),
        ({"loading": [0.6, 0.7, 0.8]}, "loading has 3 values for 2 dimensions"),
        (
            {"items": np.full((8, 2), 0.9), "loading": None},
            "explain none or all of an item, item 1: 2.11; item 2: 2.11",
        ),
        ({"items": np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1]] * 0.6}, "already in the matrix of loadings"),
        ({"factor_correlation": 1.0}, "factor_correlation cannot be that of 2 factors"),
        ({"factor_correlation": np.eye(3)}, "factor_correlation cannot be that of 2 factors"),
        ({"points": 1}, "points=1 must be a whole number from 2 to 100"),
        ({"criterion": "loading"}, "criterion='loading' is not known.*Did you mean 'loadings'"),
        ({"chance": 1}, "chance=1 must lie between 0 and 1"),
        ({"agreement": 95}, "agreement=95 must lie between 0 and 1"),
        ({"replicates": 20}, "replicates=20 say too little about a chance: 100 or more"),
        ({"seed": 1.5}, "seed=1.5 must be a whole number"),
        ({"most": 20}, "most=20 must be a whole number above 30"),
        (
            {"loading": 0.25, "most": 100},
            "no sample up to 100 answers comes out right with a chance of 90%: at 100 it is",
        ),
        ({"deff": 0}, "deff=0 cannot be used"),
    ],
)
def test_impossible_requests_are_refused_in_words(given, words):
    with pytest.raises(SpecError, match=words):
        size_for_factors(**{"items": [4, 4], "loading": 0.6, "seed": 1, "replicates": 100, **given})


def test_what_was_given_is_left_alone():
    matrix = _population([4, 4], 0.7, 0.3, 7).loadings
    before, between = matrix.copy(), np.array([[1, 0.2], [0.2, 1]])
    true = Population(matrix, between, 7)
    assert isinstance(
        size_for_factors(matrix, replicates=100, seed=1, factor_correlation=between).simulated, pd.DataFrame
    )
    assert (matrix == before).all()
    assert (between == [[1, 0.2], [0.2, 1]]).all()
    assert np.diag(true.implied) == pytest.approx(1)
