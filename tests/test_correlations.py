"""Correlations of items: against pandas, R's lavaan, psych and polycor, adaptive quadrature, and what holds for any data."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import least_squares, minimize
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from servqual.correlations import (
    ItemMatrix,
    KindRule,
    item_counts,
    item_matrices,
    item_matrix,
    item_moments,
    polychoric_gamma,
)
from servqual.instruments import load_instrument
from servqual.polychorics import (
    InfluenceRows,
    PairCounts,
    bivariate_normal_cdf,
    fit_polychorics,
    polychoric_pair,
    polychoric_rho,
)
from servqual.responses import Responses, read_responses
from servqual.streams import stream_responses
from survey_design.errors import DataError, SpecError
from survey_design.sampling import SampleDesign

BOTH = load_instrument("servqual-22")
ONE = load_instrument("servperf-22")
ITEMS = [item.id for item in BOTH.items]
P, E = (list(BOTH.columns(form).values()) for form in ("perception", "expectation"))
KIOSK = Path(__file__).parent / "studies" / "kiosk-24.toml"
FIVE = ITEMS[:5]


def answers(n=300, seed=1, missing=0.05, form=("P", "E")) -> pd.DataFrame:
    """Respondents in twelve stores of two tiers, both forms on 1-7, some answers missing."""
    rng = np.random.default_rng(seed)
    data = {
        "store": np.arange(n) % 12,
        "tier": np.where(np.arange(n) % 12 < 5, "core", "kiosk"),
        "w": rng.integers(1, 5, n),
    }
    for letter, names in (("P", P), ("E", E)):
        if letter in form:
            values = np.clip(np.rint(5 + 1.2 * rng.normal(size=(n, 1)) + rng.normal(size=(n, len(names)))), 1, 7)
            values[rng.random(values.shape) < missing] = np.nan
            data |= dict(zip(names, values.T, strict=True))
    return pd.DataFrame(data)


def cut(n, correlation, cuts, seed) -> np.ndarray:
    """Ordered answers of n respondents whose latent variables have this correlation."""
    latent = np.random.default_rng(seed).multivariate_normal(np.zeros(len(correlation)), correlation, n)
    return np.digitize(latent, cuts).astype(float)


def counted(values, weight=None) -> PairCounts:
    values = np.asarray(values, dtype=float)
    low = int(np.nanmin(values))
    names = [f"q{j}" for j in range(values.shape[1])]
    return PairCounts.of(values, names, low, int(np.nanmax(values)) - low + 1, weight)


def exact_table(x, y, rho) -> np.ndarray:
    """Cell probabilities of a cut normal distribution, by adaptive quadrature of the conditional one."""
    bounds = [np.r_[-12, each, 12] for each in (x, y)]
    root = np.sqrt(1 - rho**2)

    def cell(a, b, c, d):
        inside = lambda t: norm.pdf(t) * (ndtr((d - rho * t) / root) - ndtr((c - rho * t) / root))  # noqa: E731
        return quad(inside, a, b, epsabs=1e-14, epsrel=1e-13, limit=500)[0]

    rows, columns = ([*pairwise(each)] for each in bounds)
    return np.array([[cell(a, b, c, d) for c, d in columns] for a, b in rows])


# --- the noun ----------------------------------------------------------------------------------------------


def test_a_matrix_from_a_paper_needs_its_n_only():
    matrix = ItemMatrix.from_matrix(
        pd.DataFrame([[4.0, 1.0], [1.0, 1.0]], columns=["a", "b"]), 90, dimensions=["d", "d"]
    )
    assert matrix.names == ("a", "b")
    assert matrix.correlation.tolist() == [[1.0, 0.5], [0.5, 1.0]]
    assert matrix.n == 90
    assert (matrix.n_pairs == 90).all()
    assert matrix.warnings == ()
    assert matrix.sentence("en") == "Pearson correlations of perceptions; a matrix given as such, n = 90."
    assert matrix.sentence("zh") == "感知的 Pearson 相关；直接给定的矩阵，样本量 90。"
    assert matrix.of_dimension("d").names == ("a", "b")
    with pytest.raises(SpecError, match=r"no item belongs to dimension 'e'\. Dimensions: d"):
        matrix.of_dimension("e")
    with pytest.raises(SpecError, match=r"no item 'z' here\. Items: a, b"):
        matrix.subset(["a", "z"])


@pytest.mark.parametrize(
    ("matrix", "problem", "where"),
    [
        ([[1, 0.5, 0], [0.4, 1, 0], [0, 0, 1]], "not symmetric", [("a", "b")]),
        ([[1, 0, 0], [0, 0, 0], [0, 0, 0]], "no variance", [("b", "b"), ("c", "c")]),
        ([[1, np.nan, 0], [np.nan, 1, 0], [0, 0, 1]], "no value", [("a", "b")]),
    ],
)
def test_what_is_no_covariance_matrix_is_refused_with_its_items(matrix, problem, where):
    with pytest.raises(DataError, match=problem) as caught:
        ItemMatrix.from_matrix(matrix, 100, ["a", "b", "c"])
    cases = caught.value.cases
    assert cases.loc[cases["problem"] == problem, ["row", "column"]].apply(tuple, axis=1).tolist() == where


def test_other_bad_input_is_refused_in_words():
    with pytest.raises(SpecError, match="1 items have no correlations"):
        ItemMatrix.from_matrix([[1.0]], 10)
    with pytest.raises(SpecError, match="not square"):
        ItemMatrix.from_matrix([[1.0, 0.2]], 10)
    with pytest.raises(SpecError, match="'a' are named twice"):
        ItemMatrix.from_matrix(np.eye(2), 10, ["a", "a"])
    with pytest.raises(SpecError, match="labels has shape"):
        ItemMatrix.from_matrix(np.eye(2), 10, ["a", "b"], labels=[{"en": "x"}])
    with pytest.raises(SpecError, match="n=1"):
        ItemMatrix.from_matrix(np.eye(2), 1)


def test_few_respondents_and_repeated_items_are_said_in_both_languages():
    same = ItemMatrix.from_matrix(np.ones((3, 3)), 3, ["a", "b", "c"])
    assert not same.positive_definite
    english, chinese = ([words[language] for words in same.warnings] for language in ("en", "zh"))
    assert english[0].startswith("3 respondents for 3 items")
    assert "not positive definite" in english[1]
    assert "仅有 3 名受访者" in chinese[0]
    assert "非正定" in chinese[1]
    assert "Not positive definite" not in same.table().note()
    assert "The correlation matrix is not positive definite" in same.table().note()
    assert "相关矩阵非正定" in same.table().in_language("zh").note()


def test_smoothing_is_that_of_psych():
    # R 4.2.2, psych 2.2.9: cor.smooth(matrix(c(1,.9,.2,.9,1,.9,.2,.9,1),3)) gives .7846337196 and .2313001479
    torn = ItemMatrix.from_matrix([[1, 0.9, 0.2], [0.9, 1, 0.9], [0.2, 0.9, 1]], 100, ["a", "b", "c"])
    smooth = torn.smoothed()
    np.testing.assert_allclose(smooth.correlation[0], [1, 0.7846337196, 0.2313001479], atol=1e-7)
    assert smooth.positive_definite
    assert "smoothed on request, changing by up to 0.115" in smooth.warnings[-1]["en"]
    assert "平滑" in smooth.warnings[-1]["zh"]
    assert smooth.smoothed() is smooth


# --- Pearson from moments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["perception", "expectation", "gap"])
@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
def test_covariances_are_those_of_pandas(of, missing):
    frame = answers()
    forms = {"perception": frame[P].to_numpy(), "expectation": frame[E].to_numpy()}
    wanted = pd.DataFrame(forms.get(of, forms["perception"] - forms["expectation"]), columns=ITEMS)
    used = wanted.dropna() if missing == "listwise" else wanted
    matrix = item_matrix(Responses(frame, BOTH), of=of, missing=missing)
    np.testing.assert_allclose(matrix.mean, used.mean(), atol=1e-12)
    np.testing.assert_allclose(np.diag(matrix.covariance), used.var(), rtol=1e-11)
    given = used.notna().astype(int)
    np.testing.assert_array_equal(matrix.n_pairs, given.T @ given)
    expected = used.cov() if missing == "listwise" else _pair_covariance(used)
    np.testing.assert_allclose(matrix.covariance, expected, atol=1e-11)
    enough = used.shape[1] if missing == "listwise" else 2
    assert matrix.n_dropped == int((wanted.notna().sum(axis=1) < enough).sum())
    assert matrix.n == int((given.T @ given).to_numpy().min())
    assert matrix.scale == ((-6.0, 6.0) if of == "gap" else (1.0, 7.0))


def _pair_covariance(frame: pd.DataFrame) -> np.ndarray:
    """Each pair over those who have both, one by one."""
    return np.array([[np.cov(*frame[[a, b]].dropna().to_numpy().T if a != b else [frame[a].dropna()] * 2)[0, 1]
                      for b in frame] for a in frame])  # fmt: skip


def test_rows_without_a_pair_are_counted_as_not_used():
    frame = answers(missing=0.0, form=("P",))
    frame.loc[:4, P] = np.nan  # rows without any answer are not among those kept
    frame.loc[3, P[0]] = 5
    frame.loc[4, P[:2]] = 5
    assert item_matrix(Responses(frame, ONE), missing="pairwise").n_dropped == 1
    assert item_matrix(Responses(frame, ONE)).n_dropped == 2


def test_whole_weights_repeat_respondents():
    frame = answers(form=("P",))
    weighted = Responses(frame, ONE, SampleDesign(weight="w"))
    repeated = Responses(frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True), ONE)
    mine, theirs = item_matrix(weighted), item_matrix(repeated)
    np.testing.assert_allclose(mine.mean, theirs.mean, atol=1e-12)
    np.testing.assert_allclose(mine.correlation, theirs.correlation, atol=1e-12)
    assert mine.weighted
    assert mine.n == int(frame[P].notna().all(axis=1).sum())
    cut_mine, cut_theirs = (item_matrix(each, kind="polychoric", items=FIVE) for each in (weighted, repeated))
    np.testing.assert_allclose(cut_mine.correlation, cut_theirs.correlation, atol=1e-9)
    for own, other in zip(cut_mine.thresholds, cut_theirs.thresholds, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-12)
    assert "weighted" in cut_mine.sentence("en")
    assert "加权" in cut_mine.sentence("zh")


def test_groups_are_the_groups_data_and_one_kind():
    frame = answers()
    found = item_matrices(Responses(frame, BOTH), by="tier", kind="polychoric", items=FIVE)
    assert list(found) == [("core",), ("kiosk",)]
    for (tier,), matrix in found.items():
        alone = item_matrix(Responses(frame[frame["tier"] == tier], BOTH), kind="polychoric", items=FIVE)
        np.testing.assert_allclose(matrix.correlation, alone.correlation, atol=1e-12)
        np.testing.assert_allclose(matrix.se, alone.se, atol=1e-12)
        assert (matrix.n, matrix.n_dropped) == (alone.n, alone.n_dropped)
    with pytest.raises(DataError, match="has no column 'teir'"):
        item_matrices(Responses(frame, BOTH), by="teir")


def test_a_stream_gives_the_same_matrix(tmp_path):
    frame = answers(form=("P",))
    frame.to_parquet(tmp_path / "answers.parquet")
    design = SampleDesign(clusters="store", weight="w")
    whole, stream = Responses(frame, ONE, design), stream_responses(tmp_path / "answers.parquet", ONE, design)
    for kind in ("pearson", "polychoric"):
        mine, theirs = (item_matrix(each, kind=kind, missing="pairwise") for each in (whole, stream))
        np.testing.assert_array_equal(mine.covariance, theirs.covariance)
        assert mine.n_dropped == theirs.n_dropped
        assert "clusters (store)" in mine.warnings[-1]["en"]
        assert "群（store）" in mine.warnings[-1]["zh"]


def test_two_files_have_two_matrices_and_no_gap():
    frame = answers()
    both = read_responses(
        perception=Responses(frame[["store", *P]], ONE),
        expectation=Responses(frame.loc[:99, E], load_instrument("servqual-22")),
    )
    wanted = frame.loc[:99, E].dropna()
    np.testing.assert_allclose(item_matrix(both, of="expectation").covariance, wanted.cov(), atol=1e-11)
    with pytest.raises(SpecError, match="needs expectations and perceptions of the same people; here: independent"):
        item_matrix(both, of="gap")


def test_items_are_chosen_and_a_matrix_is_handed_on():
    responses = Responses(answers(form=("P",)), ONE)
    matrix = item_matrix(responses, items=["EMP1", "TAN1"])
    assert matrix.names == ("EMP1", "TAN1")
    assert matrix.dimensions == ("empathy", "tangibles")
    assert item_matrix(matrix) is matrix
    with pytest.raises(SpecError, match="kind='polychoric' needs answers"):
        item_matrix(matrix, kind="polychoric")
    assert item_matrix(matrix, items=["TAN1", "EMP1"]).names == ("TAN1", "EMP1")
    assert item_moments(responses, items=["EMP1", "TAN1"]).map.scores == ("EMP1", "TAN1")
    with pytest.raises(SpecError, match="holds no such answers; it holds: perception"):
        item_matrix(responses, of="expectation")
    with pytest.raises(SpecError, match="of='perceptions' is not known"):
        item_matrix(responses, of="perceptions")
    with pytest.raises(SpecError, match="Did you mean 'polychoric'"):
        item_matrix(responses, kind="polychorik")


def test_constant_items_and_pairs_nobody_answered_have_a_reason():
    frame = answers(60, form=("P",), missing=0.0)
    frame[P[0]] = 4
    for kind in ("pearson", "polychoric"):
        with pytest.raises(DataError, match="no variance: TAN1") as caught:
            item_matrix(Responses(frame, ONE), kind=kind)
        assert caught.value.cases["row"].tolist() == ["TAN1"]
    frame = answers(60, form=("P",), missing=0.0)
    frame.loc[:29, P[0]], frame.loc[30:, P[1]] = np.nan, np.nan
    for kind in ("pearson", "polychoric"):
        with pytest.raises(DataError, match="fewer than two answered both: TAN1-TAN2") as caught:
            item_matrix(Responses(frame, ONE), kind=kind, missing="pairwise")
        assert caught.value.cases["n"].tolist() == [0]
    with pytest.raises(DataError, match="0 respondents answered all 22 items"):
        item_matrix(Responses(frame, ONE))


# --- the bivariate normal distribution ---------------------------------------------------------------------


@pytest.mark.parametrize("rho", [-0.9999, -0.99, -0.93, -0.92, -0.6, -0.2, 0.0, 0.1, 0.5, 0.9, 0.926, 0.98, 0.9999])
def test_the_bivariate_normal_agrees_with_adaptive_quadrature(rho):
    root = np.sqrt(1 - rho**2)
    for x in (-3.0, -1.0, 0.0, 0.4, 2.5):
        for y in (-2.0, -0.3, 0.0, 0.4, 3.0):
            bend = [y / rho] if rho and -12 < y / rho < x else None  # where the integrand turns steep
            exact = quad(lambda t, y=y: norm.pdf(t) * ndtr((y - rho * t) / root), -12, x, epsabs=1e-15, epsrel=1e-13,
                         limit=500, points=bend)[0]  # fmt: skip
            assert float(bivariate_normal_cdf(x, y, rho)) == pytest.approx(exact, abs=2e-14)


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-1, 1))
@settings(max_examples=300, deadline=None)
def test_the_bivariate_normal_keeps_its_identities(x, y, rho):
    both = float(bivariate_normal_cdf(x, y, rho))
    assert both == pytest.approx(float(bivariate_normal_cdf(y, x, rho)), abs=1e-14)
    assert both + float(bivariate_normal_cdf(x, -y, -rho)) == pytest.approx(ndtr(x), abs=2e-14)
    assert -1e-14 <= both <= min(ndtr(x), ndtr(y)) + 1e-14


def test_the_bivariate_normal_at_its_ends():
    assert bivariate_normal_cdf(np.inf, 0.7, 0.5) == pytest.approx(ndtr(0.7))
    assert bivariate_normal_cdf(-np.inf, 0.7, -0.99) == 0
    np.testing.assert_allclose(bivariate_normal_cdf(0.3, 0.7, [1, -1]), [ndtr(0.3), ndtr(0.3) - ndtr(-0.7)], atol=1e-15)


# --- polychorics against others ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), [("bfi_N", "bfi.csv"), ("kiosk", "kiosk_servqual.csv")])
def test_polychorics_are_those_of_lavaan_and_psych(shared, name, data):
    oracle = shared.oracle(f"polychoric_{name}.json")
    reference, names = oracle["results"], oracle["results"]["lavaan_two_step"]["rows"]
    values = shared.frame(data)[names].dropna()
    low = int(values.min().min())
    counts = PairCounts.of(values.to_numpy(float), names, low, int(values.max().max()) - low + 1)
    fit = fit_polychorics(counts)
    assert len(values) == reference["n"]
    assert (fit.n_pairs == reference["n"]).all()
    tolerance = oracle["tolerance"]
    np.testing.assert_allclose(fit.correlation, reference["lavaan_two_step"]["values"], atol=1e-7)
    np.testing.assert_allclose(
        fit.correlation, reference["psych_polychoric_correct0"]["values"], atol=tolerance["rho_abs"]
    )
    cuts = {
        f"{item}|t{t + 1}": cut for item, own in zip(names, fit.thresholds, strict=True) for t, cut in enumerate(own)
    }
    assert set(cuts) == set(reference["thresholds"])
    np.testing.assert_allclose(
        [cuts[key] for key in reference["thresholds"]],
        list(reference["thresholds"].values()),
        atol=tolerance["thresholds_abs"],
    )


def test_the_kiosk_study_gives_them_from_its_responses(shared):
    reference = shared.oracle("polychoric_kiosk.json")["results"]["lavaan_two_step"]
    responses = Responses(shared.frame("kiosk_servqual.csv"), load_instrument(KIOSK), respondent="id")
    by_column = {column: item for item, column in responses.instrument.columns("perception").items()}
    items = [by_column[name] for name in reference["rows"]]
    matrix = item_matrix(responses, kind="polychoric", items=items)
    np.testing.assert_allclose(matrix.correlation, reference["values"], atol=1e-7)
    assert matrix.n == 194
    assert len(matrix.categories[items.index(by_column["P01"])]) == 6  # nobody ticked one of the seven


def test_pairwise_polychorics_are_those_of_psych(shared):
    # R 4.2.2, psych 2.2.9: polychoric(bfi[, c("A1", "A2", "A3", "A4", "A5")], correct = 0), 2800 rows, 16-27 missing an item
    names = ["A1", "A2", "A3", "A4", "A5"]
    fit = fit_polychorics(PairCounts.of(shared.frame("bfi.csv")[names].to_numpy(float), names, 1, 6))
    expected = [-0.4084637911, -0.3225174323, -0.1754424261, -0.2278395311, 0.5554509983,
                0.3897143429, 0.4488210085, 0.4080688979, 0.5728564169, 0.3552858904]  # fmt: skip
    np.testing.assert_allclose(fit.correlation[np.triu_indices(5, 1)], expected, atol=5e-5)
    np.testing.assert_allclose(fit.thresholds[1][[0, 4]], [-2.121279302, 0.4822294111], atol=1e-9)


@pytest.mark.parametrize("rho", [-0.97, -0.6, 0.0, 0.3, 0.72, 0.93, 0.99])
def test_a_population_table_gives_its_correlation_back(rho):
    x, y = [-1.2, -0.1, 0.9], [-0.6, 0.8]
    table = exact_table(x, y, rho)
    found, at_bound = polychoric_rho(table[None], np.array([x]), np.array([y]))
    assert found[0] == pytest.approx(rho, abs=1e-7)
    assert not at_bound[0]


@given(st.floats(0.02, 0.98))
@settings(max_examples=60, deadline=None)
def test_median_splits_follow_sheppards_sine(share):
    table = np.array([[[share, 1 - share], [1 - share, share]]])
    rho, _ = polychoric_rho(table, np.zeros((1, 1)), np.zeros((1, 1)))
    assert rho[0] == pytest.approx(np.sin(np.pi * (share - 0.5)), abs=1e-8)  # P(++) = 1/4 + arcsin(rho) / 2 pi


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_turning_swapping_and_repeating_do_what_they_must(seed):
    rng = np.random.default_rng(seed)
    loading = rng.uniform(-0.8, 0.8, 4)
    values = cut(400, np.outer(loading, loading) + np.diag(1 - loading**2), [-1, -0.2, 0.5, 1.3], seed)
    fit = fit_polychorics(counted(values))
    sign = np.array([1, -1, 1, 1])
    turned = fit_polychorics(counted(np.where(sign > 0, values, 4 - values)))
    np.testing.assert_allclose(turned.correlation, fit.correlation * np.outer(sign, sign), atol=1e-8)
    np.testing.assert_allclose(turned.se, fit.se, atol=1e-7)
    np.testing.assert_allclose(turned.thresholds[1], -fit.thresholds[1][::-1], atol=1e-12)
    order = rng.permutation(4)
    moved = fit_polychorics(counted(values[:, order]))
    np.testing.assert_allclose(moved.correlation, fit.correlation[np.ix_(order, order)], atol=1e-8)
    many = fit_polychorics(counted(np.tile(values, (9, 1))))
    np.testing.assert_allclose(many.correlation, fit.correlation, atol=1e-12)
    np.testing.assert_allclose(many.se, fit.se / 3, atol=1e-12)


def test_independent_answers_have_no_correlation():
    table = np.outer([10, 30, 25, 5], [8, 12, 40, 10]).astype(float)
    values = np.array([(a, b) for a in range(4) for b in range(4) for _ in range(int(table[a, b] / 10))], dtype=float)
    product = np.outer(np.bincount(values[:, 0].astype(int)), np.bincount(values[:, 1].astype(int))) / len(values)
    rho, _ = polychoric_rho(product[None], *(np.array([[-1.0, 0.2, 1.5]]) for _ in range(2)))
    fitted = polychoric_pair(product).to_frame()
    assert fitted.loc[0, "estimate"] == pytest.approx(0, abs=1e-10)
    assert fitted.loc[0, "chi2"] == pytest.approx(0, abs=1e-9)
    assert abs(rho[0]) < 0.2  # cuts that are not the table's own


def test_counts_of_parts_add_up_and_n_does_not_matter_after_them():
    values = cut(500, [[1, 0.5, 0.2], [0.5, 1, 0.4], [0.2, 0.4, 1]], [-1, 0, 1], 3)
    values[::17, 1] = np.nan
    weight = np.random.default_rng(1).uniform(0.5, 2, 500)
    whole = counted(values, weight)
    parts = [PairCounts.of(values[part], whole.names, 0, 4, weight[part]) for part in (slice(0, 123), slice(123, None))]
    added = parts[0] + parts[1]
    np.testing.assert_allclose(added.sums, whole.sums, rtol=1e-12)
    assert (added.rows, added.unused) == (whole.rows, whole.unused)
    crossed = pd.crosstab(values[:, 0], values[:, 1], weight, aggfunc="sum").fillna(0)
    np.testing.assert_allclose(whole.table("q0", "q1"), crossed, rtol=1e-12)
    with pytest.raises(SpecError, match="counts of different items"):
        _ = whole + replace(whole, names=("a", "b", "c"))


# --- empty cells, bounds -----------------------------------------------------------------------------------


def test_empty_cells_are_said_and_corrected_on_request_only():
    frame = answers(70, form=("P",), missing=0.0)
    responses = Responses(frame, ONE)
    plain, added = (item_matrix(responses, kind="polychoric", items=FIVE, correct=value) for value in (0.0, 0.5))
    assert "10 of 10 tables of two items have empty cells" in plain.warnings[0]["en"]
    assert "(nothing was added)" in plain.warnings[0]["en"]
    assert "未作校正" in plain.warnings[0]["zh"]
    assert "0.5 was added to each" in added.warnings[0]["en"]
    assert "每格已加 0.5" in added.warnings[0]["zh"]
    apart = ~np.eye(5, dtype=bool)
    assert (np.abs(added.correlation[apart]) < np.abs(plain.correlation[apart])).all()
    with pytest.raises(SpecError, match="correct=-1"):
        item_matrix(responses, kind="polychoric", correct=-1)


def test_a_table_that_only_plus_one_fits_says_so():
    values = np.repeat([[0, 0], [0, 1], [1, 1]], [30, 20, 50], axis=0)
    fit = fit_polychorics(counted(values))
    assert fit.at_bound[0, 1]
    assert fit.correlation[0, 1] == 0.9999
    frame = answers(80, form=("P",), missing=0.0)
    frame[P[1]] = frame[P[0]]
    matrix = item_matrix(Responses(frame, ONE), kind="polychoric", items=FIVE)
    told = next(words for words in matrix.warnings if "TAN1-TAN2" in words["en"])
    assert "it has no error" in told["en"]
    assert "达到上限" in told["zh"]
    assert np.isnan(matrix.se[0, 1])
    with pytest.raises(DataError, match="without an error: at the bound: TAN1-TAN2"):
        polychoric_gamma(Responses(frame, ONE), matrix)
    line = polychoric_pair([[30, 20], [0, 50]])
    assert line.to_frame().loc[0, "reason"] == "at bound"
    assert "无法计算误差" in line.in_language("zh").to_string()


# --- one pair by full maximum likelihood -------------------------------------------------------------------


# R 4.2.2, likelihood by mnormt: optim() with its defaults (Nelder-Mead) ends at .764237 and .70926, polycor's numbers, and reports
# that it ran out of its 500 iterations; continued with method "BFGS", reltol 1e-14 it converges to these:
CONVERGED = {"bfi_N": 0.7689277, "kiosk": 0.7125534}


@pytest.mark.parametrize(("name", "data"), [("bfi_N", "bfi.csv"), ("kiosk", "kiosk_servqual.csv")])
def test_one_pair_against_polycor(shared, name, data):
    """polycor's two steps agree; its joint ML stopped short of the maximum, as R itself and a third likelihood show."""
    reference = shared.oracle(f"polychoric_{name}.json")["results"]["polycor_first_pair"]
    frame = shared.frame(data)[shared.oracle(f"polychoric_{name}.json")["results"]["lavaan_two_step"]["rows"]].dropna()
    table = pd.crosstab(*(frame[each] for each in reference["pair"])).to_numpy(float)
    two, joint = (polychoric_pair(table, method=method) for method in ("two-step", "ml"))
    assert two.to_frame().loc[0, "estimate"] == pytest.approx(reference["two_step_rho"], abs=2e-6)
    line = joint.to_frame().iloc[0]
    assert line["estimate"] == pytest.approx(CONVERGED[name], abs=1e-5)
    assert abs(line["estimate"] - reference["ml_rho"]) < 0.5 * reference["ml_se"]
    assert line["se"] == pytest.approx(reference["ml_se"], rel=0.02)
    place = np.r_[joint.rows, joint.columns_at, line["estimate"]]
    at_maximum = -_minus_log_likelihood(place, table)
    for j in range(len(place)):
        for step in (-1e-3, 1e-3):
            moved = place.copy()
            moved[j] += step
            assert -_minus_log_likelihood(moved, table) < at_maximum
    assert at_maximum > -_minus_log_likelihood(np.r_[two.rows, two.columns_at, reference["ml_rho"]], table)


def _minus_log_likelihood(place, table) -> float:
    """By scipy's bivariate normal distribution, cell by cell."""
    a = len(table) - 1
    x, y = np.r_[-9, place[:a], 9], np.r_[-9, place[a:-1], 9]
    normal = multivariate_normal([0, 0], [[1, place[-1]], [place[-1], 1]])
    below = normal.cdf(np.array([[[s, t] for t in y] for s in x]))
    cells = np.diff(np.diff(below, axis=0), axis=1)
    given = table > 0
    return -float((table[given] * np.log(cells[given])).sum())


def test_joint_ml_is_where_another_optimiser_ends():
    table = np.array([[30, 12, 4], [15, 40, 18], [3, 14, 34.0]])
    pair = polychoric_pair(table)
    start = np.r_[-0.7, 0.5, -0.7, 0.5, 0.5]
    found = minimize(
        _minus_log_likelihood, start, (table,), "Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}
    )
    ours = np.r_[pair.rows, pair.columns_at, pair.to_frame()["estimate"]]
    np.testing.assert_allclose(ours, found.x, atol=1e-5)
    saturated = (table * np.log(table / table.sum())).sum()
    assert pair.to_frame().loc[0, "chi2"] == pytest.approx(2 * (saturated + found.fun), abs=1e-6)


def test_a_pair_shows_itself_in_both_languages_and_refuses_what_is_no_table():
    pair = polychoric_pair([[40, 20], [20, 40]])
    assert "a 2 by 2 table fits perfectly" in pair.to_string()
    assert "多分格相关" in pair.in_language("zh").to_string()
    line = pair.to_frame().iloc[0]
    assert np.tanh((np.arctanh(line["low"]) + np.arctanh(line["high"])) / 2) == pytest.approx(line["estimate"])
    assert polychoric_pair([[40, 0, 20], [20, 0, 40]]).to_frame().loc[0, "estimate"] == line["estimate"]
    with pytest.raises(DataError, match="1 rows and 2 columns"):
        polychoric_pair([[3, 4], [0, 0]])
    with pytest.raises(SpecError, match="0 or more"):
        polychoric_pair([[3, -4], [1, 2]])
    with pytest.raises(SpecError, match="method='mle' is not known"):
        polychoric_pair([[3, 4], [1, 2]], method="mle")


# --- errors ------------------------------------------------------------------------------------------------


def test_standard_errors_and_gamma_are_the_spread_over_samples():
    """600 samples of 400: all thresholds and correlations against their mean estimated covariance."""
    correlation = np.array([[1, 0.6, 0.2], [0.6, 1, 0.4], [0.2, 0.4, 1]])
    pairs = np.triu_indices(3, 1)
    found, gammas = [], []
    for seed in range(600):
        values = cut(400, correlation, [-0.8, 0.2, 1.1], seed)
        fit = fit_polychorics(counted(values))
        found.append(np.r_[np.concatenate(fit.thresholds), fit.correlation[pairs]])
        if seed < 40:
            gammas.append(_gamma_of(values).values / 400)
    spread, mean = np.cov(np.array(found).T), np.mean(gammas, axis=0)
    np.testing.assert_allclose(
        np.sqrt(np.diag(mean)), np.sqrt(np.diag(spread)), rtol=0.08
    )  # 600 samples: 3 SE are .087
    size = np.sqrt(np.outer(np.diag(mean), np.diag(mean)))
    np.testing.assert_allclose(mean / size, spread / size, atol=0.13)  # 3 SE of a correlation of 600


def _gamma_of(values, design=None, **options):
    """Gamma of perceptions of three items of a small instrument's data."""
    frame = pd.DataFrame(np.full((len(values), 22), 4.0), columns=list(ONE.columns("perception").values()))
    frame[P[:3]] = values + 1
    frame["store"], frame["w"] = np.arange(len(values)) // 2, options.pop("weight", 1.0)
    responses = Responses(frame, ONE, design)
    matrix = item_matrix(responses, kind="polychoric", items=ITEMS[:3], missing=options.pop("missing", "listwise"))
    return polychoric_gamma(responses, matrix, **options)


@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
@pytest.mark.parametrize("weighted", [False, True])
def test_gamma_has_the_variances_that_tables_give(missing, weighted):
    values = cut(500, [[1, 0.5, 0.2], [0.5, 1, 0.4], [0.2, 0.4, 1]], [-1, 0.3, 1], 8)
    if missing == "pairwise":
        values[:60, 0], values[40:100, 2] = np.nan, np.nan
    weight = np.random.default_rng(2).uniform(0.5, 3, 500) if weighted else 1.0
    gamma = _gamma_of(values, SampleDesign(weight="w") if weighted else None, weight=weight, missing=missing)
    assert gamma.names[:3] == ((ITEMS[0], 1), (ITEMS[0], 2), (ITEMS[0], 3))
    assert gamma.names[-1] == (ITEMS[1], ITEMS[2])
    assert np.linalg.eigvalsh(gamma.values)[0] > 0
    w = np.broadcast_to(weight, 500)[~np.isnan(values[:, 0]), None]
    at = (values[~np.isnan(values[:, 0]), :1] <= [0, 1, 2]).astype(float)
    share = (w * at).sum(axis=0) / w.sum()
    linear = (at - share) / norm.pdf(norm.ppf(share))  # of the cuts, by hand
    by_hand = (w**2 * linear).T @ linear / w.sum() ** 2
    np.testing.assert_allclose(gamma.values[:3, :3] / gamma.n, by_hand, rtol=1e-10)
    if missing == "listwise":  # else tables of pairs don't know who answered one item only
        errors = np.sqrt(np.diag(gamma.values)[gamma.thresholds :] / gamma.n)
        np.testing.assert_allclose(errors, gamma.fit.se[np.triu_indices(3, 1)], rtol=1e-10)


def test_clusters_that_repeat_a_respondent_count_once():
    values = cut(200, [[1, 0.5, 0.2], [0.5, 1, 0.4], [0.2, 0.4, 1]], [-1, 0.3, 1], 8)
    alone, twice = (
        _gamma_of(values),
        _gamma_of(np.repeat(values, 2, axis=0), SampleDesign(clusters="store"), clustered=True),
    )
    assert twice.clusters == 200
    np.testing.assert_allclose(twice.values / twice.n, alone.values / alone.n * 200 / 199, rtol=1e-9)


def test_gamma_refuses_other_answers_than_the_matrix_was_made_from():
    responses = Responses(answers(form=("P",)), ONE)
    with pytest.raises(SpecError, match="needs a matrix of polychoric correlations"):
        polychoric_gamma(responses, item_matrix(responses))
    part = item_matrix(responses, kind="polychoric").subset(FIVE)
    with pytest.raises(SpecError, match="Make it again for its items"):
        polychoric_gamma(responses, part)
    groups = item_matrices(responses, by="tier", kind="polychoric", items=FIVE)
    assert polychoric_gamma(responses, groups["core",], by="tier", label=("core",)).n == groups["core",].n
    with pytest.raises(SpecError, match="no such group"):
        polychoric_gamma(responses, groups["core",], by="tier", label=("cor",))


# --- which kind, and how it is shown -----------------------------------------------------------------------


def test_the_rule_says_which_kind_and_why():
    rng = np.random.default_rng(4)
    seven, five = rng.integers(1, 8, (200, 3)), rng.integers(1, 6, (200, 3))
    skewed = np.where(rng.random((400, 3)) < 0.9, 7, rng.integers(1, 8, (400, 3)))
    kinds = {name: KindRule().choose(PairCounts.of(values, list("abc"), 1, 7)) for name, values in
             {"seven": seven, "five": five, "skewed": skewed}.items()}  # fmt: skip
    assert {name: kind for name, (kind, _) in kinds.items()} == {
        "seven": "pearson", "five": "polychoric", "skewed": "polychoric"}  # fmt: skip
    assert "3 of 3 items have a skewness beyond ±2" in kinds["skewed"][1]["en"]
    assert "不超过 5" in kinds["five"][1]["zh"]
    assert KindRule(categories=7).choose(PairCounts.of(seven, list("abc"), 1, 7))[0] == "polychoric"


def test_auto_follows_the_rule_and_says_so():
    responses = Responses(answers(), BOTH)
    matrix = item_matrix(responses, kind="auto")
    assert matrix.kind == "pearson"
    assert "more than 5" in matrix.sentence("en")
    assert "多于 5" in matrix.sentence("zh")
    ordinal = item_matrix(responses, kind="auto", rule=KindRule(categories=7))
    assert ordinal.kind == "polychoric"
    assert (ordinal.mean == 0).all()
    assert item_matrix(responses, kind="auto", of="gap").because["en"] == "differences of answers are numbers"
    gaps = item_counts(responses, of="gap", items=FIVE[:1] + FIVE[2:3])[()]
    frame = answers()[[P[0], E[0], P[2], E[2]]].dropna()
    differences = (frame[P[0]] - frame[E[0]]).value_counts().reindex(range(-6, 7), fill_value=0)
    np.testing.assert_array_equal(gaps.distribution(FIVE[0]), differences)
    with pytest.raises(SpecError, match="a difference of two answers is not one variable"):
        item_matrix(responses, kind="polychoric", of="gap")


def test_the_table_shows_labels_base_and_kind_in_both_languages():
    responses = Responses(answers(form=("P",)), ONE)
    table = item_matrix(responses, kind="polychoric", items=FIVE).table()
    frame = table.to_frame()
    assert list(frame) == ["item", "dimension", *FIVE]
    assert frame.loc[0, FIVE[0]] == 1
    assert table.title() == "Correlations of items: perceptions (polychoric correlations)"
    assert "n = " in table.note()
    assert ONE.item("TAN1").label["en"] in table.to_string()
    chinese = table.in_language("zh")
    assert chinese.title().startswith("题项相关：感知")
    assert ONE.item("TAN1").label["zh"] in chinese.to_string()
    assert "样本量" in chinese.note()
    assert " ." not in chinese.note()
    subset = table.matrix.subset(FIVE[:2])
    assert len(subset.thresholds) == len(subset.categories) == 2
    assert item_counts(responses, items=FIVE)[()].names == tuple(FIVE)


@pytest.mark.parametrize("name", ["hs_cut", "bfi"])
def test_gamma_gives_lavaans_wlsmv(shared, name):
    """Least squares weighted by Gamma's diagonal, its chi2, and the scaled and shifted chi2 that needs all of Gamma."""
    reference = shared.oracle(f"cfa_wlsmv_{name}.json")
    results, tolerance = reference["results"], reference["tolerance"]
    names = [line["item"] for line in results["loadings"]]
    values = _ordered(shared, name, names)
    counts = PairCounts.of(values, names, 1, int(values.max()))
    fit = fit_polychorics(counts)
    influence = InfluenceRows.of(fit, counts).of_answers(values, None)
    n, k = values.shape
    gamma = n * influence @ influence.T
    gamma = gamma[-k * (k - 1) // 2 :, -k * (k - 1) // 2 :]  # thresholds are free: they fit whatever they are
    factor = np.repeat(range(3), k // 3)
    pairs = np.triu_indices(k, 1)

    def implied(place):
        phi = np.eye(3)
        phi[np.triu_indices(3, 1)] = phi.T[np.triu_indices(3, 1)] = place[k:]
        return (np.outer(place[:k], place[:k]) * phi[np.ix_(factor, factor)])[pairs]

    observed, weight = fit.correlation[pairs], 1 / np.diag(gamma)
    start = np.r_[[line["std"] for line in results["loadings"]], np.zeros(3)] * 0.9
    found = least_squares(lambda place: np.sqrt(weight) * (observed - implied(place)), start, xtol=1e-14, ftol=1e-14)
    expected = np.r_[
        [line["std"] for line in results["loadings"]], [line["r"] for line in results["factor_correlations"]]
    ]
    np.testing.assert_allclose(found.x, expected, atol=tolerance["std_loadings_abs"])
    chi2 = (n - 1) * 2 * found.cost  # lavaan's factor for weighted least squares; for ML it is n
    assert chi2 == pytest.approx(results["fit"]["chisq"], rel=1e-6)  # the file asks for 1e-3
    slope = found.jac / np.sqrt(weight)[:, None]
    weighted = weight[:, None] * slope
    left = np.diag(weight) - weighted @ np.linalg.solve(slope.T @ weighted, weighted.T)
    spread, df = left @ gamma, len(observed) - len(found.x)
    scale = np.sqrt(df / np.trace(spread @ spread))
    scaled = scale * chi2 + df - scale * np.trace(spread)
    assert scaled == pytest.approx(results["fit_robust"]["chisq.scaled"], rel=1e-6)  # the file asks for 5e-3


def _ordered(shared, name, items) -> np.ndarray:
    """The oracle's answers, from 1 on."""
    if name == "bfi":
        return shared.frame("bfi.csv")[items].dropna().to_numpy(float)
    frame = shared.frame("holzinger_swineford_1939.csv")[items]
    return np.column_stack(
        [1 + np.searchsorted(np.quantile(frame[item], [0.2, 0.5, 0.8]), frame[item]) for item in items]
    ).astype(float)


def test_a_matrix_shows_itself_in_a_few_lines():
    matrix = ItemMatrix.from_matrix(np.eye(30) / 2 + 0.5, 20)
    assert (
        repr(matrix).splitlines()[0] == "30 items: Pearson correlations of perceptions; a matrix given as such, n = 20."
    )
    assert len(repr(matrix).splitlines()) == 1 + len(matrix.warnings)
    assert repr(matrix.in_language("zh")).startswith("30 个题项：感知的 Pearson 相关；")


def test_a_file_that_is_not_yet_a_matrix_is_refused_in_words(tmp_path):
    frame = pd.DataFrame(np.eye(3) / 2 + 0.5, columns=list("abc"), index=list("abc"))
    path = tmp_path / "r.csv"
    frame.to_csv(path)
    for source in (path, str(path)):
        with pytest.raises(SpecError, match=r"is a path and not yet a matrix.*index_col=0"):
            ItemMatrix.from_matrix(source, 200)
    with pytest.raises(SpecError, match=r"first column, 'Unnamed: 0', holds words.*index_col=0"):
        ItemMatrix.from_matrix(pd.read_csv(path), 200)
    with pytest.raises(SpecError, match=r"shape \(3, 4\) is not square.*index_col=0"):
        ItemMatrix.from_matrix(frame.reset_index(drop=True).reset_index(), 200)
    with pytest.raises(SpecError, match="column 'b' of the matrix holds words"):
        ItemMatrix.from_matrix(frame.astype(object).assign(b=["n.s.", 1, 0.5]), 200)
    with pytest.raises(SpecError, match="other things than numbers"):
        ItemMatrix.from_matrix([["a", 1], [1, 1]], 200)
    assert ItemMatrix.from_matrix(pd.read_csv(path, index_col=0), 200).names == ("a", "b", "c")
