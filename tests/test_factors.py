"""Factors found, turned and judged, against other programs.

Authorities, and the tolerance each is held to:

* R's psych 2.2.9 (with GPArotation) and ``factanal`` on four sets of answers kept beside the project: unrotated loadings
  1e-3, rotated 5e-3, as far as their optimisers go; sign and order of factors are free.
* tests/reference/factors.toml (R 4.2.2, psych): six tests of ``ability.cov``; ``factanal``'s promax, chi-square; weights of scores.
* statsmodels: principal axes, oblimin and target rotation. factor_analyzer 0.5.1: geomin and promax; its sorting of factors,
  which forgets their correlations, is not used.
* scipy's noncentral chi-square for the interval of RMSEA; errors of loadings against their spread over simulated samples.

Below these stand identities and hostile input.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import linear_sum_assignment

from servqual import Bootstrap, Jackknife, Responses, SampleDesign, Taylor, load_instrument
from servqual.correlations import ItemMatrix
from servqual.factors import Pattern, explore_factors, extract, rotate, score_weights
from servqual.factors.extraction import degrees_of_freedom, implied_by, most_factors
from servqual.factors.fit import FIT_REASONS, noncentrality
from servqual.factors.rotation import promax_step, turn_obliquely
from servqual.factors.solution import METHODS, ROTATIONS, SOLUTION_REASONS, tucker
from survey_design import DataError, SpecError

REFERENCE = tomllib.loads((Path(__file__).parent / "reference" / "factors.toml").read_text(encoding="utf-8"))
ABILITY = REFERENCE["ability"]
SETS = ("kiosk_P20", "mobi24", "bfi25", "hs9")
KIOSK = (4, 5, 6, 22, 19, 20, 21, 10, 11, 18, 13, 14, 15, 16, 17, 1, 2, 3, 7, 8)
FEW = settings(max_examples=15, deadline=None)
SERVPERF = load_instrument("servperf-22")


def answers_of(shared, name: str) -> pd.DataFrame:
    if name == "kiosk_P20":
        return shared.frame("kiosk_servqual.csv")[[f"P{k:02d}" for k in KIOSK]]
    if name == "mobi24":
        return shared.frame("mobi_ecsi.csv")
    if name == "bfi25":
        return shared.frame("bfi.csv")[[f"{trait}{k}" for trait in "ACENO" for k in range(1, 6)]].dropna()
    return shared.frame("holzinger_swineford_1939.csv")[[f"x{k}" for k in range(1, 10)]]


def matched(found: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order and signs that bring factors to those known."""
    alike = tucker(known, found)
    rows, columns = linear_sum_assignment(-np.abs(alike))
    return columns, np.sign(alike[rows, columns])


def away(found: np.ndarray, known: np.ndarray) -> float:
    order, sign = matched(found, known)
    return float(np.abs(found[:, order] * sign - known).max())


def simple(items: int, factors: int, loading: float = 0.7, phi: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    between = np.full((factors, factors), phi)
    np.fill_diagonal(between, 1.0)
    return np.kron(np.eye(factors), np.full((items, 1), loading)), between


def drawn(n: int, seed: int, loading: float = 0.75, phi: float = 0.4) -> pd.DataFrame:
    """Answers on seven points to 22 items of five dimensions."""
    columns = SERVPERF.columns("perception")
    own = [SERVPERF.item(name).dimension for name in columns]
    pattern = loading * (np.array(own)[:, None] == np.array(list(dict.fromkeys(own)))[None, :])
    correlation = implied_by(pattern, simple(1, 5, 1.0, phi)[1])
    latent = np.random.default_rng(seed).multivariate_normal(np.zeros(22), correlation, n)
    return pd.DataFrame(np.clip(np.round(4 + 1.3 * latent), 1, 7), columns=list(columns.values()))


@pytest.fixture(scope="module")
def responses() -> Responses:
    return Responses(drawn(600, 1), SERVPERF)


# --- against R on real answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_extraction_and_rotation_are_those_of_psych(shared, name):
    answers, known = answers_of(shared, name), shared.oracle(f"efa_{name}.json")
    correlation, tolerance = np.corrcoef(answers.to_numpy(float).T), known["tolerance"]
    for which, block in known["efa"].items():
        if not isinstance(block, dict) or which.startswith("stats"):
            continue
        assert block["loadings"]["rows"] == list(answers.columns)
        method, rotation = which.split("_")
        turned = rotate(extract(correlation, known["efa"]["n_factors"], method).loadings, rotation)
        theirs = np.array(block["loadings"]["values"])
        allowed = tolerance["unrotated_loadings_abs" if rotation == "none" else "rotated_loadings_abs"]
        assert away(turned.loadings, theirs) < allowed, which
        if block["phi"] is not None:
            order, sign = matched(turned.loadings, theirs)
            phi = turned.phi[np.ix_(order, order)] * np.outer(sign, sign)
            assert np.abs(phi - np.array(block["phi"]["values"])).max() < allowed, which


@pytest.mark.parametrize("name", SETS)
def test_fit_is_that_of_psych(shared, name):
    answers, known = answers_of(shared, name), shared.oracle(f"efa_{name}.json")["efa"]
    matrix = ItemMatrix.from_matrix(answers.corr(), len(answers))
    for method in ("minres", "ml", "pa"):
        theirs = known[f"{method}_none"]
        fit = explore_factors(matrix, known["n_factors"], method=method, rotation="none").fit
        assert fit.df == theirs["dof"]
        assert fit.rmsr == pytest.approx(theirs["rms"], abs=1e-5)
        assert fit.chi2 == pytest.approx(theirs["chisq_ml"], rel=1e-3)
        p, m = matrix.k, known["n_factors"]
        null = (fit.chi2 / fit.df - fit.tli) / (
            1 - fit.tli
        )  # psych shrinks the null model's chi-square by factors it lacks
        whole = len(answers) - 1 - (2 * p + 5) / 6
        theirs_null = null * (whole - 2 * m / 3) / whole
        assert (theirs_null - fit.chi2 / fit.df) / (theirs_null - 1) == pytest.approx(theirs["tli"], abs=1e-3)
        assert fit.tli == pytest.approx(theirs["tli"], abs=5e-3)
        psych = np.sqrt(max(fit.chi2 / (fit.df * len(answers)) - 1 / (len(answers) - 1), 0))  # n where n - 1 is meant
        assert psych == pytest.approx(theirs["rmsea"], abs=2e-4)
        assert fit.rmsea == pytest.approx(psych, rel=0.01)


@pytest.mark.parametrize("name", SETS)
def test_likelihood_is_that_of_factanal(shared, name):
    answers, known = answers_of(shared, name), shared.oracle(f"efa_{name}.json")["efa"]
    theirs = known["stats_factanal_ml_varimax"]
    found = extract(np.corrcoef(answers.to_numpy(float).T), known["n_factors"], "ml")
    assert found.uniquenesses == pytest.approx(np.array(list(theirs["uniquenesses"].values())), abs=1e-3)
    turned = rotate(found.loadings, "varimax").loadings
    assert away(turned, np.array(theirs["loadings"]["values"])) < 5e-3
    promax = np.array(known["stats_factanal_ml_promax_m4"]["loadings"]["values"])
    assert away(turned @ promax_step(turned), promax) < 5e-3


def test_six_tests_are_as_factanal_has_them():
    correlation = np.array(ABILITY["correlation"])
    solution = explore_factors(ItemMatrix.from_matrix(correlation, ABILITY["n"]), 2, method="ml", rotation="varimax")
    assert solution.pattern.uniquenesses == pytest.approx(np.array(ABILITY["uniquenesses"]), abs=1e-4)
    assert solution.fit.chi2 == pytest.approx(ABILITY["chi2"], rel=1e-4)
    assert solution.fit.p == pytest.approx(ABILITY["p"], rel=1e-3)
    varimax = solution.pattern.loadings
    assert away(varimax @ promax_step(varimax), np.array(ABILITY["promax"])) < 2e-3  # R's varimax stops at 1e-5


@pytest.mark.parametrize("method", ["regression", "bartlett", "tenBerge"])
def test_weights_of_scores_are_those_of_psych(method):
    matrix = ItemMatrix.from_matrix(ABILITY["correlation"], ABILITY["n"])
    theirs = Pattern(matrix.names, ("a", "b"), np.array(ABILITY["minres"]), np.array(ABILITY["phi"]))
    assert score_weights(matrix, theirs, method) == pytest.approx(np.array(ABILITY[method.lower()]), abs=1e-6)


def test_determinacy_is_that_of_psych():
    matrix = ItemMatrix.from_matrix(ABILITY["correlation"], ABILITY["n"])
    solution = explore_factors(matrix, 2)
    theirs = Pattern(matrix.names, ("F1", "F2"), np.array(ABILITY["minres"]), np.array(ABILITY["phi"]))
    assert replace(solution, pattern=theirs).determinacy == pytest.approx(np.array(ABILITY["determinacy"]), abs=1e-6)


# --- against Python's other programs ----------------------------------------------------------------------------


def test_principal_axes_taken_to_their_end_are_statsmodels_and_minres():
    from statsmodels.multivariate.factor import Factor

    loadings, phi = simple(4, 3, 0.6)
    correlation = np.corrcoef(
        np.random.default_rng(3).multivariate_normal(np.zeros(12), implied_by(loadings, phi), 300).T
    )
    theirs = Factor(corr=correlation, n_factor=3, method="pa", smc=True).fit(maxiter=20_000, tol=1e-10).loadings
    assert away(extract(correlation, 3, "pa", tolerance=1e-10, rounds=20_000).loadings, theirs) < 1e-6
    assert away(extract(correlation, 3, "minres").loadings, theirs) < 1e-5


def test_likelihood_is_statsmodels():
    from statsmodels.multivariate.factor import Factor

    correlation = np.array(ABILITY["correlation"])
    theirs = Factor(corr=correlation, n_factor=2, method="ml", nobs=ABILITY["n"]).fit().loadings
    ours = extract(correlation, 2, "ml").loadings
    assert ours @ ours.T == pytest.approx(theirs @ theirs.T, abs=1e-3)


@pytest.mark.parametrize("gamma", [0.0, -1.0])
def test_oblimin_is_statsmodels(gamma):
    from statsmodels.multivariate.factor_rotation import rotate_factors

    axes = extract(np.array(ABILITY["correlation"]), 2).loadings
    theirs, _ = rotate_factors(axes, "oblimin", gamma, "oblique")
    assert away(rotate(axes, "oblimin", gamma=gamma).loadings, theirs) < 1e-3


def test_target_is_statsmodels():
    from statsmodels.multivariate.factor_rotation import rotate_factors

    axes = extract(np.array(ABILITY["correlation"]), 2).loadings
    wanted = np.array([[0.4, 0.4], [0, 0.7], [0, 0.9], [0, 0.5], [0.9, 0], [0.8, 0]])
    theirs, _ = rotate_factors(axes, "target", wanted, "oblique")
    assert away(rotate(axes, "target", target=wanted, starts=5).loadings, theirs) < 1e-4


def test_geomin_is_that_of_factor_analyzer():
    from factor_analyzer import Rotator

    axes = extract(np.array(ABILITY["correlation"]), 2).loadings
    theirs = Rotator(method="geomin_obl", normalize=False).fit_transform(axes)
    assert away(rotate(axes, "geomin").loadings, theirs) < 1e-3


def test_promax_is_that_of_factor_analyzer():
    from factor_analyzer import Rotator

    axes = extract(np.array(ABILITY["correlation"]), 2).loadings
    theirs = Rotator(method="promax", normalize=True).fit_transform(axes)
    assert away(rotate(axes, "promax").loadings, theirs) < 5e-3


@pytest.mark.parametrize(("chi2", "df", "share"), [(30.0, 10, 0.05), (300.0, 131, 0.95), (131.0, 131, 0.05)])
def test_noncentrality_is_scipys(chi2, df, share):
    assert stats.ncx2.cdf(chi2, df, noncentrality(chi2, df, share)) == pytest.approx(share, abs=1e-6)


# --- errors of loadings -----------------------------------------------------------------------------------------


def test_errors_of_loadings_are_their_spread_over_samples(responses):
    found = np.array([explore_factors(Responses(drawn(600, 100 + k), SERVPERF), rotation="target", starts=1).pattern.loadings
                      for k in range(80)])  # fmt: skip
    errors = explore_factors(responses, rotation="target", interval=Bootstrap(200, seed=1)).pattern.errors
    own = np.abs(found.mean(axis=0)) > 0.5
    for part in (own, ~own):
        assert errors.se[part].mean() == pytest.approx(found.std(axis=0)[part].mean(), rel=0.08)


@pytest.mark.parametrize("rotation", ["oblimin", "geomin", "promax", "varimax", "target"])
def test_replicates_face_the_samples_solution(responses, rotation):
    """Were factors exchanged or reflected in replicates, errors would be as large as loadings."""
    errors = explore_factors(responses, 5, rotation=rotation, interval=Bootstrap(60, seed=2)).intervals().to_frame()
    assert errors["se"].between(0.015, 0.06).all()
    assert ((errors["low"] < errors["loading"]) & (errors["loading"] < errors["high"])).all()


def test_clusters_and_missing_answers_have_errors_too():
    frame = drawn(300, 5).assign(store=np.arange(300) % 20)
    shift = np.random.default_rng(1).normal(0, 1, 20)[frame["store"]]
    for column in list(frame.columns[:22]):
        frame[column] = np.clip(np.round(frame[column] + shift), 1, 7)
    frame.iloc[:30, 3] = np.nan
    clustered, plain = Responses(frame, SERVPERF, SampleDesign(clusters="store")), Responses(frame, SERVPERF)
    how = {"rotation": "varimax", "missing": "pairwise", "interval": Bootstrap(60, seed=1)}
    wide, narrow = (explore_factors(each, 2, **how).pattern.errors.se for each in (clustered, plain))
    assert np.isfinite(wide).all()
    assert wide.mean() > 1.1 * narrow.mean()
    jackknife = explore_factors(clustered, 2, **{**how, "interval": Jackknife()}).pattern.errors.se
    assert jackknife.mean() == pytest.approx(wide.mean(), rel=0.3)


def test_one_cluster_has_no_errors_and_says_so():
    frame = drawn(100, 5).assign(store="only")
    solution = explore_factors(
        Responses(frame, SERVPERF, SampleDesign(clusters="store")), 2, interval=Bootstrap(20, seed=1)
    )
    table = solution.intervals()
    assert table.to_frame()["low"].isna().all()
    assert set(table.to_frame()["reason"]) == {"no df"}
    assert "no degrees of freedom" in table.to_string()
    assert "自由度为零" in table.in_language("zh").to_string()


@pytest.mark.parametrize("interval", [Taylor(), None])
def test_errors_that_cannot_be_made_are_refused(responses, interval):
    with pytest.raises(SpecError, match="Bootstrap"):
        explore_factors(responses, 2, interval=interval).intervals()


def test_errors_need_answers_and_pearson(responses):
    with pytest.raises(SpecError, match="give Responses"):
        explore_factors(ItemMatrix.from_matrix(ABILITY["correlation"], 112), 2, interval=Bootstrap(20))
    with pytest.raises(SpecError, match="pearson"):
        explore_factors(responses, 2, kind="polychoric", interval=Bootstrap(20))


def test_too_many_respondents_to_resample_are_told_what_to_do():
    frame = pd.concat([drawn(600, 1)] * 18, ignore_index=True)
    with pytest.raises(SpecError, match="describe the clusters"):
        explore_factors(Responses(frame, SERVPERF), 2, interval=Bootstrap(20, seed=1))
    clustered = Responses(frame.assign(store=np.arange(len(frame)) % 40), SERVPERF, SampleDesign(clusters="store"))
    assert np.isfinite(explore_factors(clustered, 2, interval=Bootstrap(20, seed=1)).pattern.errors.se).all()


# --- identities -------------------------------------------------------------------------------------------------


@FEW
@given(st.integers(0, 10_000), st.sampled_from(["minres", "ml", "pa"]))
def test_model_matrix_is_loadings_phi_and_uniqueness(seed, method):
    matrix = random_matrix(seed)
    for rotation in ROTATIONS:
        if rotation == "target":
            continue
        solution = explore_factors(matrix, 3, method=method, rotation=rotation, starts=2)
        loadings, phi = solution.loadings.to_numpy(), solution.phi.to_numpy()
        frame = solution.to_frame()
        model = loadings @ phi @ loadings.T + np.diag(frame["uniqueness"])
        assert model == pytest.approx(solution.pattern.implied, abs=1e-12)
        assert matrix.correlation - model == pytest.approx(solution.residuals.to_numpy(), abs=1e-12)
        bare = extract(matrix.correlation, 3, method)
        assert frame["communality"].to_numpy() == pytest.approx(bare.communalities, abs=1e-7), (
            "rotation leaves communalities"
        )
        assert np.diag(phi) == pytest.approx(np.ones(3), abs=1e-10)
        assert solution.pattern.variance.sum() == pytest.approx(frame["communality"].sum())


def random_matrix(seed: int) -> ItemMatrix:
    rng = np.random.default_rng(seed)
    loadings = rng.uniform(-0.1, 0.15, (10, 3)) + np.kron(np.eye(3), np.ones((4, 1)))[:10] * rng.uniform(
        0.5, 0.75, (10, 1)
    )
    sample = rng.multivariate_normal(np.zeros(10), implied_by(loadings, simple(1, 3, 1.0)[1]), 400)
    return ItemMatrix.from_matrix(np.corrcoef(sample.T), 400)


@FEW
@given(st.integers(0, 10_000))
def test_loadings_and_correlations_cannot_come_apart(seed):
    rng = np.random.default_rng(seed)
    solution = explore_factors(random_matrix(seed), 3, starts=2)
    other = solution.reordered(rng.permutation(3)).reflected(rng.choice([-1, 1], 3))
    assert other.pattern.implied == pytest.approx(solution.pattern.implied, abs=1e-12)
    names = list(other.pattern.factors)
    assert other.to_frame()[names].to_numpy() == pytest.approx(other.pattern.loadings)
    assert other.fit == solution.fit
    assert solution.congruence(other).to_frame()["matched"].tolist() == ["F1", "F2", "F3"]
    assert solution.congruence(other).to_frame()["congruence"].to_numpy() == pytest.approx(np.ones(3))


def test_errors_move_with_their_loadings(responses):
    solution = explore_factors(responses, 3, interval=Bootstrap(30, seed=1))
    other = solution.reordered([2, 0, 1]).reflected([-1, 1, 1])
    before = solution.intervals().to_frame().set_index(["item", "factor"])
    after = other.intervals().to_frame().set_index(["item", "factor"]).loc[before.index]
    assert after["se"].to_numpy() == pytest.approx(before["se"].to_numpy())
    third = before.index.get_level_values(1) == "F3"
    assert after.loc[third, "low"].to_numpy() == pytest.approx(-before.loc[third, "high"].to_numpy())
    assert after.loc[~third, "low"].to_numpy() == pytest.approx(before.loc[~third, "low"].to_numpy())
    frame = other.to_frame()
    assert ((frame["F3_low"] < frame["F3"]) & (frame["F3"] < frame["F3_high"])).all()


@FEW
@given(st.integers(0, 10_000), st.sampled_from(["minres", "ml"]), st.sampled_from(["oblimin", "promax", "varimax"]))
def test_order_of_items_does_not_matter(seed, method, rotation):
    matrix = random_matrix(seed)
    order = np.random.default_rng(seed).permutation(matrix.k)
    one = explore_factors(matrix, 3, method=method, rotation=rotation)
    other = explore_factors(matrix.subset([matrix.names[k] for k in order]), 3, method=method, rotation=rotation)
    assert other.loadings.loc[list(matrix.names)].to_numpy() == pytest.approx(one.loadings.to_numpy(), abs=1e-3)
    assert other.fit.chi2 == pytest.approx(one.fit.chi2, rel=1e-6)


@FEW
@given(st.integers(0, 10_000), st.sampled_from(["minres", "ml"]))
def test_reversed_items_only_change_their_signs(seed, method):
    matrix = random_matrix(seed)
    sign = np.where(np.arange(matrix.k) % 3 == 0, -1.0, 1.0)
    turned = ItemMatrix.from_matrix(matrix.correlation * np.outer(sign, sign), matrix.n)
    one, other = (rotate(extract(each.correlation, 3, method).loadings).loadings for each in (matrix, turned))
    assert away(other * sign[:, None], one) < 1e-3


@pytest.mark.parametrize("method", ["minres", "ml"])
@pytest.mark.parametrize("rotation", ["oblimin", "geomin", "target"])
def test_exact_matrices_give_back_their_parameters(method, rotation):
    loadings, phi = simple(4, 3, 0.7, 0.4)
    loadings = loadings * np.array([1, 0.9, 0.8, 0.7] * 3)[:, None]
    target = np.where(loadings > 0, np.nan, 0.0) if rotation == "target" else None
    matrix = ItemMatrix.from_matrix(implied_by(loadings, phi), 300)
    solution = explore_factors(matrix, 3, method=method, rotation=rotation, target=target)
    allowed = 0.03 if rotation == "geomin" else 1e-4  # geomin's epsilon draws axes a little apart
    assert away(solution.pattern.loadings, loadings) < allowed
    assert solution.fit.rmsr < 1e-5
    assert solution.fit.rmsea == 0


def test_a_gradient_is_what_the_criterion_changes_by():
    """Every oblique position of least criterion beats positions nearby."""
    axes = extract(random_matrix(4).correlation, 3).loadings
    from servqual.factors.rotation import criterion_of

    for method in ("oblimin", "geomin"):
        criterion = criterion_of(method)
        turns, values, done = turn_obliquely(axes, criterion, np.eye(3)[None])
        assert done.all()
        step = np.random.default_rng(1).normal(0, 0.02, (200, 3, 3))
        near = turns + step
        near /= np.sqrt((near**2).sum(axis=1, keepdims=True))
        around, _ = criterion(axes @ np.swapaxes(np.linalg.inv(near), 1, 2))
        assert (around > values[0] - 1e-9).all()


@FEW
@given(st.integers(0, 10_000))
def test_no_turn_has_a_larger_varimax(seed):
    rng = np.random.default_rng(seed)
    axes = rng.normal(size=(9, 3))

    def varimax(stack: np.ndarray) -> np.ndarray:
        square = (stack / np.sqrt((stack**2).sum(axis=-1, keepdims=True))) ** 2
        return square.var(axis=-2).sum(axis=-1)

    ours = varimax(rotate(axes, "varimax").loadings)
    near = np.linalg.qr(np.eye(3) + rng.normal(0, 0.05, (100, 3, 3)))[0]
    assert (varimax(rotate(axes, "varimax").loadings @ near) <= ours + 1e-9).all()


def test_varimax_does_not_stop_between_two_positions():
    """On this pattern R's varimax jumps to and fro and returns it unrotated."""
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    clean = np.array([[0.8, 0], [0.7, 0], [0, 0.6], [0, 0.9]])
    assert away(rotate(clean @ turn, "varimax").loadings, clean) < 1e-8


def test_scores_are_what_they_promise(responses):
    solution = explore_factors(responses, 5)
    scores = {
        name: solution.scores(responses, name).to_frame().iloc[:, :5] for name in ("regression", "bartlett", "tenBerge")
    }
    for each in scores.values():
        assert each.mean().to_numpy() == pytest.approx(np.zeros(5), abs=1e-10)
    assert scores["tenBerge"].cov().to_numpy() == pytest.approx(solution.phi.to_numpy(), abs=1e-8)
    assert scores["regression"].std().to_numpy() == pytest.approx(solution.determinacy, abs=1e-8)
    weights = solution.score_weights("bartlett").to_numpy()
    assert weights.T @ solution.loadings.to_numpy() == pytest.approx(np.eye(5), abs=1e-8), "unbiased"


# --- what is said -----------------------------------------------------------------------------------------------


def test_the_table_is_sorted_and_small_loadings_are_blank(responses):
    solution = explore_factors(responses, rotation="target")
    shown, frame = solution.shown(), solution.to_frame()
    assert frame["item"].tolist() == [item.id for item in SERVPERF.items], "the frame keeps the instrument's order"
    assert (frame[list(solution.pattern.factors)].abs() > 0).all().all(), "and every loading"
    assert (shown.iloc[:, 2:7] != "").sum(axis=1).eq(1).all()
    blocks = shown.iloc[:, 2:7].ne("").to_numpy().argmax(axis=1)
    assert (np.diff(blocks) >= 0).all()
    assert solution.pattern.factors == tuple(dimension.id for dimension in SERVPERF.dimensions)
    assert (frame[list(solution.pattern.factors)].max(axis=1) > 0.5).all(), "own loadings point up"


def test_both_languages_say_the_same(responses):
    solution = explore_factors(responses, interval=Bootstrap(20, seed=3))
    assert "5 factors" in solution.title()
    assert "5 个因子" in solution.in_language("zh").title()
    assert "感知" in solution.in_language("zh").title()
    assert "perceptions" in solution.title()
    for part in ("n = 600", "parallel analysis", "RMSR", "chi2(131)", "10 of 10", "seed 3", "below 0.3"):
        assert part in solution.note()
    for part in ("样本量 600", "平行分析", "RMSR", "χ²(131)", "10 个起点", "种子 3", "小于 0.3"):
        assert part in solution.in_language("zh").note()
    assert solution.sentence().startswith("5 factors explain")
    assert solution.sentence("zh").startswith("5 个因子解释")
    tables = (solution.factors(), solution.intervals(), solution.scores(responses), solution.congruence(solution))
    for table in tables:
        assert table.title() != table.in_language("zh").title()
        assert table.note() != table.in_language("zh").note()
        assert table.shown().shape[1] == table.in_language("zh").shown().shape[1]
    for words in (METHODS, ROTATIONS, SOLUTION_REASONS, FIT_REASONS):
        assert all(set(each) == {"en", "zh"} for each in words.values())


def test_heywood_cases_are_said():
    """Loyalty: one of three correlations is larger than the two others can explain."""
    matrix = ItemMatrix.from_matrix(
        [[1, 0.9, 0.8, 0.1], [0.9, 1, 0.5, 0.1], [0.8, 0.5, 1, 0.1], [0.1, 0.1, 0.1, 1]], 200, list("abcd")
    )
    for method in ("minres", "ml"):
        solution = explore_factors(matrix, 1, method=method)
        assert solution.heywood == ("a",)
        assert "mproper solution" in solution.note()
        assert "不当解" in solution.in_language("zh").note()
        assert "Heywood" in solution.to_string()
    with pytest.raises(DataError, match="Bartlett"):
        solution.scores(pd.DataFrame(np.zeros((3, 4)), columns=list("abcd")), "bartlett")


def test_polychoric_correlations_have_no_chi_square(responses):
    solution = explore_factors(responses, 5, kind="polychoric")
    assert np.isnan(solution.fit.chi2)
    assert "polychoric correlations are no sample" in solution.note()
    assert "多分格相关并非" in solution.in_language("zh").note()
    with pytest.raises(SpecError, match="pearson"):
        solution.scores(responses)


def test_expectations_gaps_and_weights_are_taken_and_said():
    instrument = load_instrument("servqual-22")
    rng = np.random.default_rng(1)
    both = {form: instrument.columns(form) for form in ("expectation", "perception")}
    answers = {name: values for form, columns in both.items()
               for name, values in zip(columns.values(), np.clip(drawn(150, 7 if form == "perception" else 8).to_numpy().T, 1, 7),
                                       strict=True)}  # fmt: skip
    frame = pd.DataFrame(answers).assign(w=rng.uniform(0.5, 2, 150))
    data = Responses(frame, instrument, SampleDesign(weight="w"))
    for of, words in (("expectation", ("expectations", "期望")), ("gap", ("gaps", "差距"))):
        solution = explore_factors(data, 3, of=of)
        assert words[0] in solution.title()
        assert words[1] in solution.in_language("zh").title()
        assert "equally weighted" in solution.note()
        assert "等权" in solution.in_language("zh").note()
    assert len(solution.scores(data).to_frame()) == 150


def test_missing_answers_have_no_score_and_say_so(responses):
    frame = responses.answers("perception").copy()
    frame.iloc[3, 0] = np.nan
    scores = explore_factors(responses, 5).scores(frame)
    assert scores.to_frame()["reason"].tolist().index("missing") == 3
    assert scores.to_frame().iloc[3, :5].isna().all()
    assert "599 respondents scored, 1 not" in scores.note()
    assert "1 人因缺失" in scores.in_language("zh").note()
    assert len(scores.shown()) == 20
    assert "first 20" in scores.note()


# --- hostile input ----------------------------------------------------------------------------------------------


def test_too_many_factors_are_refused():
    matrix = ItemMatrix.from_matrix(ABILITY["correlation"], 112)
    assert most_factors(6) == 3
    assert degrees_of_freedom(6, 3) == 0
    with pytest.raises(SpecError, match="at most 3"):
        explore_factors(matrix, 4)
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(SpecError, match="whole number"):
            explore_factors(matrix, wrong)


def test_as_many_parameters_as_correlations_are_said():
    solution = explore_factors(ItemMatrix.from_matrix(ABILITY["correlation"], 112), 3)
    assert solution.fit.df == 0
    assert np.isnan(solution.fit.p)
    assert "no degrees of freedom" in solution.note()
    assert "自由度为零" in solution.in_language("zh").note()


def test_repeated_items_are_named_for_what_they_are():
    frame = drawn(200, 3)
    frame.iloc[:, 1] = frame.iloc[:, 0]
    data = Responses(frame, SERVPERF)
    with pytest.raises(DataError, match=r"not positive definite.*minres"):
        explore_factors(data, 5, method="ml")
    solution = explore_factors(data, 5)
    assert np.isfinite(solution.loadings.to_numpy()).all()
    assert np.isnan(solution.fit.chi2)
    assert "no chi-square: correlation matrix not positive definite" in solution.note()
    with pytest.raises(DataError, match="positive definite"):
        solution.scores(data)
    assert np.isnan(solution.determinacy).all()


def test_fewer_people_than_items():
    solution = explore_factors(Responses(drawn(15, 3), SERVPERF), 2)
    assert "15 respondents for 22 items" in solution.note()
    assert np.isnan(solution.fit.chi2)


def test_matrices_that_are_none_are_refused():
    square = np.array(ABILITY["correlation"])
    with pytest.raises(SpecError, match="as many rows"):
        extract(square[:3], 1)
    with pytest.raises(SpecError, match="ones on its diagonal"):
        extract(4 * square, 1)
    with pytest.raises(DataError, match="items 1 and 2 is missing"):
        extract(np.where(square == square[0, 1], np.nan, square), 1)
    with pytest.raises(SpecError, match=r"method='mimres'.*Did you mean"):
        extract(square, 1, "mimres")


def test_targets_that_do_not_fit_are_refused():
    matrix = ItemMatrix.from_matrix(ABILITY["correlation"], 112)
    with pytest.raises(SpecError, match="some have none"):
        explore_factors(matrix, rotation="target")
    with pytest.raises(SpecError, match="leave factors out"):
        explore_factors(matrix, 3, rotation="target", target=np.zeros((6, 2)))
    with pytest.raises(SpecError, match="needs target"):
        rotate(np.ones((4, 2)), "target")
    with pytest.raises(SpecError, match="at least one"):
        rotate(np.ones((4, 2)), "target", target=np.full((4, 2), np.nan))
    with pytest.raises(SpecError, match="shape"):
        rotate(np.ones((4, 2)), "target", target=np.zeros((4, 3)))


def test_other_faults_are_told():
    matrix = ItemMatrix.from_matrix(ABILITY["correlation"], 112)
    solution = explore_factors(matrix, 2)
    with pytest.raises(SpecError, match="once"):
        solution.reordered([0, 0])
    with pytest.raises(SpecError, match="cut"):
        explore_factors(matrix, 2, cut=3)
    with pytest.raises(SpecError, match="starts"):
        explore_factors(matrix, 2, starts=0)
    with pytest.raises(DataError, match="lack item6"):
        solution.scores(pd.DataFrame(np.zeros((2, 5)), columns=[f"item{k}" for k in range(1, 6)]))
    with pytest.raises(SpecError, match="fewer than two items"):
        solution.congruence(explore_factors(ItemMatrix.from_matrix(ABILITY["correlation"], 112, list("abcdef")), 2))


def test_nothing_that_was_given_is_changed():
    correlation = np.array(ABILITY["correlation"])
    before = correlation.copy()
    for method in METHODS:
        loadings = extract(correlation, 2, method).loadings
        kept = loadings.copy()
        for rotation in ("varimax", "promax", "oblimin", "geomin", "none"):
            rotate(loadings, rotation, starts=3)
        assert (loadings == kept).all()
    assert (correlation == before).all()
