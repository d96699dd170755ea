"""How many factors, and whether there is anything to factor, against other programs.

Authorities, and the tolerance each is held to:

* R's psych 2.2.9 and eigenvalues simulated in R on four sets of answers kept beside the project: KMO 1e-8, Bartlett 1e-8,
  average partials 1e-8, mean random eigenvalues .01, percentiles .02, counts of components, MAP and Kaiser exact; the count of
  common factors rests on 50 simulations there: within 1.
* tests/reference/factors.toml (R, psych): 24 tests of ``Harman74.cor``; eigenvalues with communalities of one factor, and
  2,000 random ones.
* Babakus and Boller (1992), Journal of Business Research 24, 253-268: 22 SERVQUAL items, from their correlations and N alone.
* factor_analyzer: KMO and Bartlett. statsmodels: communalities of one factor. scipy: the convex hull.

Below these stand identities and hostile input.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.stats import norm

from servqual import Responses, SampleDesign, load_instrument
from servqual.correlations import ItemMatrix
from servqual.factor_count import (
    COUNT_REASONS,
    RULES,
    adequacy,
    average_partials,
    bartlett_sphericity,
    comparative_fits,
    factor_count,
    hull,
    kaiser_meyer_olkin,
)
from servqual.factors.chance import (
    chance_eigenvalues,
    common_eigenvalues,
    eigenvalues,
    information_kept,
    leading_run,
    one_factor,
    random_correlations,
)
from servqual.factors.extraction import degrees_of_freedom, implied_by
from servqual.polychorics import PairCounts, fit_polychorics
from survey_design import DataError, SpecError

REFERENCE = tomllib.loads((Path(__file__).parent / "reference" / "factors.toml").read_text(encoding="utf-8"))
HARMAN = REFERENCE["harman"]
SETS = ("kiosk_P20", "mobi24", "bfi25", "hs9")
KIOSK = (4, 5, 6, 22, 19, 20, 21, 10, 11, 18, 13, 14, 15, 16, 17, 1, 2, 3, 7, 8)
FEW = settings(max_examples=20, deadline=None)
SERVPERF = load_instrument("servperf-22")


def answers_of(shared, name: str) -> pd.DataFrame:
    if name == "kiosk_P20":
        return shared.frame("kiosk_servqual.csv")[[f"P{k:02d}" for k in KIOSK]]
    if name == "mobi24":
        return shared.frame("mobi_ecsi.csv")
    if name == "bfi25":
        return shared.frame("bfi.csv")[[f"{trait}{k}" for trait in "ACENO" for k in range(1, 6)]].dropna()
    return shared.frame("holzinger_swineford_1939.csv")[[f"x{k}" for k in range(1, 10)]]


def harman() -> np.ndarray:
    return np.array(HARMAN["correlation"])


def clean(items: int, factors: int, loading: float = 0.7, phi: float = 0.3) -> np.ndarray:
    between = np.full((factors, factors), phi)
    np.fill_diagonal(between, 1.0)
    return implied_by(np.kron(np.eye(factors), np.full((items, 1), loading)), between)


def sampled(correlation: np.ndarray, n: int, seed: int) -> ItemMatrix:
    rows = np.random.default_rng(seed).multivariate_normal(np.zeros(len(correlation)), correlation, n)
    return ItemMatrix.from_matrix(np.corrcoef(rows.T), n)


# --- against R --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_counts_are_those_of_r(shared, name):
    answers, known = answers_of(shared, name), shared.oracle(f"parallel_{name}.json")["results"]
    matrix = ItemMatrix.from_matrix(answers.corr(), len(answers))
    theirs = known["pca_random_normal"]
    count = factor_count(matrix, replicates=2000, seed=2)
    scree = count.scree.iloc[1:]
    assert scree["eigenvalue"].to_numpy() == pytest.approx(np.array(known["observed_eigenvalues"]), abs=1e-10)
    assert scree["chance"].to_numpy() == pytest.approx(np.array(theirs["mean"]), abs=0.01)
    assert scree["chance_high"].to_numpy() == pytest.approx(np.array(theirs["q95"]), abs=0.02)
    for percentile, which in ((0.95, "q95"), (0.99, "q99")):
        counts = factor_count(matrix, percentile=percentile, seed=2).counts
        assert counts["parallel_components"] == theirs[f"n_components_{which}"]
    assert leading_run(scree["eigenvalue"].to_numpy(), scree["chance"].to_numpy()) == theirs["n_components_mean"]
    assert abs(count.counts["parallel_factors"] - known["psych_fa_parallel_50_iter"]["nfact"]) <= 1
    assert count.counts["kaiser"] == known["kaiser_count"]
    partials = np.array(known["map_velicer_first"])[: len(answers.columns) - 2]
    assert count.scree["map"].to_numpy()[1 : len(partials) + 1] == pytest.approx(partials, abs=1e-8)
    assert count.counts["map"] == known["map_n_factors"]


@pytest.mark.parametrize("name", SETS)
def test_adequacy_and_sphericity_are_those_of_psych(shared, name):
    answers, known = answers_of(shared, name), shared.oracle(f"efa_{name}.json")["factorability"]
    count = factor_count(ItemMatrix.from_matrix(answers.corr(), len(answers)), replicates=20)
    assert count.kmo == pytest.approx(known["kmo_overall"], abs=1e-8)
    assert count.kmo_items == pytest.approx(known["kmo_items"], abs=1e-8)
    assert count.bartlett[0] == pytest.approx(known["bartlett_chisq"], rel=1e-8)
    assert count.bartlett[1] == known["bartlett_df"]
    assert count.bartlett[2] == pytest.approx(known["bartlett_p"], rel=1e-6, abs=1e-300)


def test_eigenvalues_of_common_variance_are_those_of_psych():
    assert common_eigenvalues(harman()) == pytest.approx(np.array(HARMAN["reduced"]), abs=1e-3)
    _, common = chance_eigenvalues(HARMAN["n"], 24, 2000, 5)
    # psych searches each replicate's communalities with another optimiser, from another start
    assert common.mean(axis=0) == pytest.approx(np.array(HARMAN["chance_reduced"]), abs=0.01)
    assert np.quantile(common, 0.95, axis=0) == pytest.approx(np.array(HARMAN["chance_reduced_high"]), abs=0.02)


def test_partials_kmo_and_bartlett_of_24_tests():
    second, fourth = average_partials(harman())
    assert second == pytest.approx(np.array(HARMAN["map"]), rel=1e-8)
    assert fourth == pytest.approx(np.array(HARMAN["map_fourth"]), rel=1e-8)
    assert kaiser_meyer_olkin(harman())[0] == pytest.approx(HARMAN["kmo"], abs=1e-10)
    assert bartlett_sphericity(harman(), HARMAN["n"])[0] == pytest.approx(HARMAN["bartlett"], rel=1e-10)


def servqual_of_1992(shared) -> ItemMatrix:
    """The correlations that Babakus and Boller printed, as kept in the guide beside the project."""
    lines = shared.path("field-guide.md").read_text(encoding="utf-8").split("```")
    block = next(part for part in lines if part.strip().startswith("Q2  28"))
    matrix = np.eye(22)
    for k, line in enumerate(block.strip().splitlines(), start=1):
        values = [int(cell) / 100 for cell in line.split()[1:]]
        matrix[k, :k] = matrix[:k, k] = values
    dimensions = ["tangibles"] * 4 + ["reliability"] * 5 + ["responsiveness"] * 4 + ["assurance"] * 4 + ["empathy"] * 5
    return ItemMatrix.from_matrix(matrix, 502, [f"Q{k}" for k in range(1, 23)], dimensions=dimensions)


def test_servqual_of_1992_does_not_show_its_five_dimensions(shared):
    count = factor_count(servqual_of_1992(shared))
    assert count.scree["eigenvalue"].to_numpy()[1:7] == pytest.approx(
        [8.072, 1.626, 1.236, 1.018, 0.888, 0.844], abs=5e-4
    )
    assert count.kmo == pytest.approx(0.9284, abs=5e-5)
    assert count.bartlett[:2] == (pytest.approx(4382.79, abs=0.005), 231)
    assert count.counts["parallel_components"] == 2
    assert abs(count.counts["parallel_factors"] - 4) <= 1
    assert count.counts["map"] == 1
    assert "the instrument has 5 dimensions" in count.sentence()
    assert "量表设有 5 个维度" in count.sentence("zh")


# --- against Python's other programs ----------------------------------------------------------------------------


def test_kmo_and_bartlett_are_factor_analyzers():
    from factor_analyzer.factor_analyzer import calculate_bartlett_sphericity, calculate_kmo

    rows = np.random.default_rng(1).multivariate_normal(np.zeros(12), clean(4, 3), 150)
    correlation = np.corrcoef(rows.T)
    items, overall = calculate_kmo(rows)
    assert kaiser_meyer_olkin(correlation)[0] == pytest.approx(overall)
    assert kaiser_meyer_olkin(correlation)[1] == pytest.approx(items)
    chi2, p = calculate_bartlett_sphericity(rows)
    assert bartlett_sphericity(correlation, 150)[0] == pytest.approx(chi2)
    assert bartlett_sphericity(correlation, 150)[2] == pytest.approx(p, abs=1e-12)


def test_one_factor_is_that_of_statsmodels():
    from statsmodels.multivariate.factor import Factor

    stack = np.array([sampled(clean(4, 2, 0.6, 0.5), 200, seed).correlation for seed in range(3)])
    for found, correlation in zip(one_factor(stack), stack, strict=True):
        theirs = (
            Factor(corr=correlation, n_factor=1, method="pa", smc=True).fit(maxiter=20_000, tol=1e-10).loadings[:, 0]
        )
        assert np.abs(found) == pytest.approx(np.abs(theirs), abs=1e-3)


@FEW
@given(st.integers(0, 10_000))
def test_corners_lie_on_the_convex_hull(seed):
    rng = np.random.default_rng(seed)
    df = [degrees_of_freedom(12, m) for m in range(6)]
    fit = np.sort(rng.uniform(0, 1, 6)) + rng.normal(0, 0.05, 6)
    _, sharp = hull(fit, df)
    used = -np.array(df, float)
    points = np.column_stack([used, fit])
    upper = set(ConvexHull(np.vstack([points, [[used[0], -9], [used[-1], -9]]])).vertices.tolist())
    corners = {k for k in range(6) if np.isfinite(sharp[k])}
    assert corners <= upper
    assert all(fit[k] >= fit[:k].max(initial=-np.inf) for k in corners)


def test_random_polychorics_are_as_wide_as_fitted_ones():
    """Eigenvalues of 300 matrices fitted to unrelated ordered answers, against the short way."""
    n, p, shares = 200, 8, np.array([0.05, 0.15, 0.3, 0.3, 0.2])
    cuts, rng = norm.ppf(shares.cumsum()[:-1]), np.random.default_rng(3)
    names = [str(k) for k in range(p)]
    fitted = [
        eigenvalues(
            fit_polychorics(PairCounts.of(np.digitize(rng.standard_normal((n, p)), cuts), names, 0, 5)).correlation
        )
        for _ in range(300)
    ]
    whole, _ = chance_eigenvalues(n, p, 3000, 1, [cuts] * p)
    plain, _ = chance_eigenvalues(n, p, 3000, 1)
    assert whole.mean(axis=0) == pytest.approx(np.mean(fitted, axis=0), abs=0.012)
    assert np.mean(fitted, axis=0)[0] - plain.mean(axis=0)[0] > 0.02, "Pearson's would be too narrow"


def test_information_is_that_of_a_cut_normal_variable():
    """Squared correlation of a normal variable with its best scores of categories, by simulation."""
    cuts = np.array([-1.0, 0.2, 1.1])
    latent = np.random.default_rng(1).standard_normal(400_000)
    category = np.digitize(latent, cuts)
    scores = np.array([latent[category == k].mean() for k in range(4)])[category]
    assert information_kept(cuts) == pytest.approx(np.corrcoef(latent, scores)[0, 1] ** 2, abs=0.003)


# --- identities -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p"), [(60, 5), (4, 6), (300, 8)])
def test_random_correlations_are_those_of_random_answers(n, p):
    """Bartlett's decomposition against drawing the answers: means, spreads, and the matrix's own laws."""
    rng = np.random.default_rng(7)
    ours = random_correlations(n, p, 3000, rng)
    rows = rng.standard_normal((1000, n, p))
    theirs = np.array([np.corrcoef(each.T) for each in rows])
    assert np.diagonal(ours, axis1=1, axis2=2) == pytest.approx(np.ones((3000, p)))
    assert ours == pytest.approx(np.swapaxes(ours, 1, 2))
    assert eigenvalues(ours).sum(axis=1) == pytest.approx(np.full(3000, p))
    assert ours[:, 0, 1].std() == pytest.approx(1 / np.sqrt(n - 1), rel=0.06)
    one, other = eigenvalues(ours), eigenvalues(theirs)
    noise = np.sqrt(one.var(axis=0) / len(one) + other.var(axis=0) / len(other))
    assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 4 * noise + 1e-12).all()


def test_the_cost_of_random_matrices_does_not_depend_on_n():
    one, other = (chance_eigenvalues(n, 6, 50, 1)[0] for n in (10**3, 10**7))
    assert (other[:, 0] - 1).mean() == pytest.approx((one[:, 0] - 1).mean() / 100, rel=0.1)


@FEW
@given(st.integers(0, 10_000))
def test_order_and_direction_of_items_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    matrix = sampled(clean(4, 3, 0.7, 0.2), 250, seed)
    order, sign = rng.permutation(12), rng.choice([-1.0, 1.0], 12)
    other = ItemMatrix.from_matrix((matrix.correlation * np.outer(sign, sign))[np.ix_(order, order)], 250)
    one, two = (factor_count(each, replicates=60) for each in (matrix, other))
    assert one.counts == two.counts
    assert one.kmo == pytest.approx(two.kmo, abs=1e-10)
    assert one.bartlett[0] == pytest.approx(two.bartlett[0], rel=1e-10)
    columns = ["eigenvalue", "map", "map_fourth", "hull_fit"]
    assert one.scree[columns].to_numpy() == pytest.approx(two.scree[columns].to_numpy(), abs=1e-5, nan_ok=True)


@pytest.mark.parametrize(("items", "factors", "phi"), [(4, 5, 0.3), (4, 5, 0.0), (6, 2, 0.5), (8, 1, 0.0), (4, 3, 0.4)])
def test_clear_factors_are_counted(items, factors, phi):
    for seed in range(5):
        counts = factor_count(sampled(clean(items, factors, 0.75, phi), 400, seed), replicates=200).counts
        assert counts["parallel_components"] == factors
        assert counts["map"] == counts["hull"] == factors


def test_unrelated_items_have_no_factor():
    """Where nothing is shared, the 95th percentile is passed once in twenty times."""
    counts = [
        factor_count(sampled(np.eye(8), 200, seed), replicates=100).counts["parallel_components"] for seed in range(60)
    ]
    assert (np.array(counts) > 0).mean() <= 0.12
    assert average_partials(np.eye(8))[0][0] == 0


def test_same_seed_same_count():
    matrix = sampled(clean(4, 3), 100, 1)
    one, two, other = (factor_count(matrix, replicates=50, seed=seed).scree for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


@FEW
@given(st.integers(0, 10_000))
def test_fit_never_leaves_its_range(seed):
    fits = comparative_fits(sampled(clean(4, 2, 0.6), 200, seed).correlation, 200, 3)
    assert fits[0] == 0
    assert ((fits >= 0) & (fits <= 1)).all()


# --- what is said -----------------------------------------------------------------------------------------------


def test_both_languages_say_the_same():
    matrix = ItemMatrix.from_matrix(harman(), HARMAN["n"])
    count = factor_count(matrix, replicates=50, seed=9)
    chinese = count.in_language("zh")
    assert count.title() == "How many factors: perceptions"
    assert chinese.title() == "因子个数：感知"
    for part in ("KMO 0.", "(276)", "p < .001", "50 random", "seed 9", "percentile 95", "n = 145"):
        assert part in count.note()
    for part in ("KMO 0.", "(276)", "p < .001", "50 个随机", "种子 9", "第 95 百分位", "n = 145"):
        assert part in chinese.note()
    assert count.shown().shape == chinese.shown().shape == (6, 3)
    assert not any(mark in chinese.note() for mark in (". ", "; "))
    for words in (*RULES.values(), *COUNT_REASONS.values(), adequacy(0.9), adequacy(0.1)):
        assert set(words) == {"en", "zh"}


def test_items_that_share_nothing_are_named():
    correlation = np.eye(5)
    correlation[:4, :4] = clean(4, 1, 0.8)
    correlation[4, 0] = correlation[0, 4] = 0.25
    correlation[4, 1] = correlation[1, 4] = -0.1
    count = factor_count(ItemMatrix.from_matrix(correlation, 200, list("abcde")), replicates=20)
    assert count.kmo_items["e"] < 0.5
    assert "items with KMO under .50: e" in count.note()
    assert "KMO 低于 .50 的题项：e" in count.in_language("zh").note()


def test_weights_and_clusters_are_cautioned():
    rng = np.random.default_rng(1)
    columns = list(SERVPERF.columns("perception").values())
    frame = pd.DataFrame(rng.integers(1, 8, (120, 22)), columns=columns).assign(
        w=rng.uniform(0.5, 2, 120), store=np.arange(120) % 12
    )
    count = factor_count(Responses(frame, SERVPERF, SampleDesign(weight="w", clusters="store")), replicates=20)
    assert "independent, equally weighted" in count.note()
    assert "clusters" in count.note()
    assert "等权" in count.in_language("zh").note()
    fewer = factor_count(Responses(frame, SERVPERF), replicates=20, n=40)
    assert fewer.n == 40
    assert (
        fewer.scree["chance"].iloc[1] > factor_count(Responses(frame, SERVPERF), replicates=20).scree["chance"].iloc[1]
    )


def test_ordered_answers_have_their_own_chance():
    rng = np.random.default_rng(1)
    columns = list(SERVPERF.columns("perception").values())
    latent = rng.multivariate_normal(np.zeros(22), clean(22, 1, 0.7), 300)
    frame = pd.DataFrame(np.where(latent > 0.8, 7, 6), columns=columns)
    own = factor_count(Responses(frame, SERVPERF), kind="polychoric", replicates=100)
    assert (
        own.scree["chance"].iloc[1]
        > factor_count(Responses(frame, SERVPERF), replicates=100).scree["chance"].iloc[1] + 0.2
    )
    assert set(own.frame["reason"]) == {""}
    printed = factor_count(ItemMatrix.from_matrix(harman(), 145, kind="polychoric"), replicates=20)
    assert "thresholds unknown" in printed.to_string()
    assert "阈值未知" in printed.in_language("zh").to_string()


# --- hostile input ----------------------------------------------------------------------------------------------


def test_repeated_items_leave_reasons():
    correlation = np.ones((4, 4))
    correlation[2:, :2] = correlation[:2, 2:] = 0.4
    correlation[2, 3] = correlation[3, 2] = 0.5
    count = factor_count(ItemMatrix.from_matrix(correlation, 100), replicates=20)
    frame = count.to_frame().set_index("criterion")
    for rule in ("map", "map_fourth", "hull"):
        assert count.counts[rule] is None
        assert frame.loc[rule, "reason"] == "singular"
    assert count.counts["parallel_components"] == 1
    assert np.isnan(count.kmo)
    assert "o KMO and no Bartlett" in count.note()
    assert "无 KMO" in count.in_language("zh").note()
    assert "–" in count.to_string()


def test_fewer_people_than_items():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(1, 8, (15, 22)), columns=list(SERVPERF.columns("perception").values()))
    count = factor_count(Responses(frame, SERVPERF), replicates=50)
    assert "15 respondents for 22 items" in count.note()
    assert count.counts["map"] is None
    assert count.counts["parallel_components"] is not None


@pytest.mark.parametrize("k", [2, 3])
def test_few_items(k):
    count = factor_count(ItemMatrix.from_matrix(clean(k, 1, 0.8), 200), replicates=50)
    assert count.counts["parallel_components"] == 1
    assert count.to_string()


def test_wrong_options_are_told():
    matrix = ItemMatrix.from_matrix(harman(), 145)
    with pytest.raises(SpecError, match="percentile=95"):
        factor_count(matrix, percentile=95)
    with pytest.raises(SpecError, match="at least 20"):
        factor_count(matrix, replicates=3)
    with pytest.raises(SpecError, match="at least 3"):
        factor_count(matrix, n=2)
    with pytest.raises(SpecError, match="of='perceptions'"):
        factor_count(Responses(pd.DataFrame(np.ones((5, 22)), columns=list(SERVPERF.columns("perception").values())), SERVPERF),
                     of="perceptions")  # fmt: skip


def test_constant_items_are_refused_by_name():
    frame = pd.DataFrame(
        np.random.default_rng(1).integers(1, 8, (50, 22)), columns=list(SERVPERF.columns("perception").values())
    )
    frame.iloc[:, 2] = 5
    with pytest.raises(DataError, match="no variance: TAN3"):
        factor_count(Responses(frame, SERVPERF))
