"""Dependability of visits.

Authorities: Shrout and Fleiss (1979) with their F intervals, matrices of whole designs written out, expected mean squares of
balanced crossed and nested designs, statsmodels' restricted maximum likelihood, the inverted covariance matrix for predictions,
and simulation with known variances (the large one: benchmarks/dependability_truth.py). Identities hold for any data.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks import dependability_truth
from servqual.agreement.coefficients import intraclass_correlations
from servqual.dependability import dependability
from servqual.dependability.components import Grouping, Squares, simulated_components
from servqual.dependability.effects import with_components
from servqual.dependability.facets import fixed_columns
from servqual.dependability.severity import predict_crossed
from servqual.plots import new_axes
from servqual.regression import fit_linear
from survey_design.errors import DataError, SpecError
from survey_design.results import Variable
from survey_design.sampling import SampleDesign

SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])


# --- made-up studies ---------------------------------------------------------------------------------------


def long(points):
    """A matrix of stores by inspectors as rows."""
    s, i = np.indices(points.shape)
    return pd.DataFrame({"store": s.ravel(), "inspector": i.ravel(), "score": points.ravel()})


def visited(seed, stores=40, inspectors=10, visits=240, sd=(6.0, 4.0, 0.0, 7.0)):
    """Visits at random: SD of stores, inspectors, of both together, and of the visit."""
    g = np.random.default_rng(seed)
    s, i = g.integers(0, stores, visits), g.integers(0, inspectors, visits)
    both = g.normal(0, sd[2], (stores, inspectors)) if sd[2] else np.zeros((stores, inspectors))
    store, inspector = g.normal(0, sd[0], stores), g.normal(0, sd[1], inspectors)
    score = 75 + store[s] + inspector[i] + both[s, i] + g.normal(0, sd[3], visits)
    frame = pd.DataFrame({"store": [f"S{k:02d}" for k in s], "inspector": [f"I{k:02d}" for k in i], "score": score})
    return frame, store, inspector


def variances(found):
    return dict(zip(found.frame["component"], found.frame["variance"], strict=True))


def fast(frame, **options):
    return dependability(frame, **{"score": "score", "replicates": 100} | options)


# --- components --------------------------------------------------------------------------------------------


def test_shrout_and_fleiss(shared):
    frame = shared.frame("raters_shrout_fleiss_1979.csv").melt("target", var_name="inspector", value_name="score")
    found = dependability(frame, score="score", objects="target", replicates=4000)
    assert [variances(found)[key] for key in ("objects", "inspectors", "residual")] == pytest.approx(
        [2.556, 5.244, 1.019], abs=5e-4
    )
    four = found.for_design(visits=4)
    assert (four.relative, four.absolute) == (pytest.approx(0.909, abs=5e-4), pytest.approx(0.620, abs=5e-4))
    one = found.for_design(visits=1)
    assert (one.relative, one.absolute) == (pytest.approx(0.7148, abs=5e-5), pytest.approx(0.2898, abs=5e-5))
    theirs = shared.oracle("agreement_icc_shrout_fleiss.json")["results"]["icc"]
    assert four.relative == pytest.approx(theirs["ICC3_k"]["icc"], abs=1e-10)
    assert four.absolute == pytest.approx(theirs["ICC2_k"]["icc"], abs=1e-10)
    low, high = theirs["ICC3_k"]["ci95"]  # the exact F interval; ours has 4,000 replicates behind it
    assert 1 - four.relative_high == pytest.approx(1 - high, rel=0.1)
    assert 1 - four.relative_low == pytest.approx(1 - low, rel=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_expected_squares_are_traces_of_the_matrices_written_out(seed):
    """E(T_i) per unit of variance j is tr(D_i^-1 Z_i'M Z_j Z_j'M Z_i), for any design, with fixed effects."""
    g = np.random.default_rng(seed)
    n = int(g.integers(12, 40))
    sizes = [int(g.integers(2, 8)), int(g.integers(2, 6))]
    codes = [np.unique(g.integers(0, size, n), return_inverse=True)[1] for size in sizes]
    groupings = [Grouping(c, int(c.max()) + 1) for c in codes]
    groupings.append(groupings[0].crossed(groupings[1]))
    x = np.column_stack([np.ones(n), g.integers(0, 2, n), g.normal(size=n)])
    z = [np.eye(each.size)[each.codes] for each in groupings] + [np.eye(n)]
    m = np.eye(n) - x @ np.linalg.pinv(x)
    want = [[np.trace(np.diag(1 / a.sum(axis=0)) @ a.T @ m @ b @ b.T @ m @ a) for b in z] for a in z]
    assert Squares.of(groupings, x).expected == pytest.approx(np.array(want), abs=1e-8)


def test_crossed_design_with_replicates_has_the_textbook_mean_squares():
    g = np.random.default_rng(1)
    a, b, r = 7, 5, 3
    y = g.normal(0, 3, (a, 1, 1)) + g.normal(0, 2, (1, b, 1)) + g.normal(0, 1.5, (a, b, 1)) + g.normal(0, 1, (a, b, r))
    m = y.mean()
    ma, mb, mab = y.mean(axis=(1, 2)), y.mean(axis=(0, 2)), y.mean(axis=2)
    msa = b * r * ((ma - m) ** 2).sum() / (a - 1)
    msb = a * r * ((mb - m) ** 2).sum() / (b - 1)
    msab = r * ((mab - ma[:, None] - mb + m) ** 2).sum() / ((a - 1) * (b - 1))
    mse = ((y - mab[..., None]) ** 2).sum() / (a * b * (r - 1))
    s, i, _ = np.indices(y.shape)
    frame = pd.DataFrame({"store": s.ravel(), "inspector": i.ravel(), "score": y.ravel()})
    want = [(msa - msab) / (b * r), (msb - msab) / (a * r), (msab - mse) / r, mse]
    assert fast(frame).frame["variance"].to_numpy() == pytest.approx(want, abs=1e-10)


def test_nested_design_has_the_textbook_mean_squares_however_it_is_labelled():
    g = np.random.default_rng(2)
    a, b, r = 9, 4, 3
    y = g.normal(0, 3, (a, 1, 1)) + g.normal(0, 2, (a, b, 1)) + g.normal(0, 1, (a, b, r))
    mb = y.mean(axis=2)
    msa = b * r * ((y.mean(axis=(1, 2)) - y.mean()) ** 2).sum() / (a - 1)
    msb = r * ((mb - mb.mean(axis=1, keepdims=True)) ** 2).sum() / (a * (b - 1))
    mse = ((y - mb[..., None]) ** 2).sum() / (a * b * (r - 1))
    s, v, _ = np.indices(y.shape)
    frame = pd.DataFrame({"store": s.ravel(), "visit": v.ravel(), "score": y.ravel()})
    frame["own"] = frame["store"] * 100 + frame["visit"]
    want = [(msa - msb) / (b * r), (msb - mse) / r, mse]
    for options in ({"occasions": "own"}, {"occasions": "visit", "nested": {"visit": "store"}}):
        found = fast(frame, inspectors=None, **options)
        assert found.frame["variance"].to_numpy() == pytest.approx(want, abs=1e-10)
        assert "visit (within store)" in found.to_string() or "own (within store)" in found.to_string()


def restricted_likelihood(frame):
    """statsmodels' variances of stores, inspectors and residual."""
    import statsmodels.formula.api as smf

    parts = {"store": "0 + C(store)", "inspector": "0 + C(inspector)"}
    model = smf.mixedlm("score ~ 1", frame.assign(all=1), groups="all", vc_formula=parts).fit(reml=True)
    named = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True))
    return [named["store"], named["inspector"], model.scale]


def test_balanced_data_have_the_restricted_maximum_likelihood():
    g = np.random.default_rng(8)
    points = g.normal(0, 3, (9, 1)) + g.normal(0, 2, (1, 5)) + g.normal(0, 1.5, (9, 5))
    ours = fast(long(points)).frame["variance"].to_numpy()
    assert ours == pytest.approx(restricted_likelihood(long(points)), rel=2e-3)


def test_unbalanced_data_come_near_the_restricted_maximum_likelihood():
    """Two estimators of the same data: they differ by less than the standard error that both have."""
    frame, *_ = visited(5, visits=300)
    coded = [pd.factorize(frame[name])[0] for name in ("store", "inspector")]
    squares = Squares.of([Grouping(codes, int(codes.max()) + 1) for codes in coded], np.ones((300, 1)))
    found = squares.components(frame["score"].to_numpy())
    error = simulated_components(squares, found, 200, 1).std(axis=0)
    assert np.all(np.abs(found - restricted_likelihood(frame)) < error)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-50, 50), st.floats(0.1, 30))
def test_variances_do_not_see_the_mean_and_follow_the_unit(seed, shift, factor):
    frame, *_ = visited(seed, stores=12, inspectors=5, visits=60)
    moved = frame.assign(score=shift + factor * frame["score"])
    a, b = fast(frame).frame["variance"].to_numpy(), fast(moved).frame["variance"].to_numpy()
    assert b == pytest.approx(factor**2 * a, rel=1e-7, abs=1e-7 * factor**2)


def test_fixed_effects_leave_the_variances_alone():
    frame, *_ = visited(3)
    mode = np.where(np.random.default_rng(1).random(len(frame)) < 0.7, "covert", "overt")
    plain = fast(frame.assign(mode=mode), fixed="mode")
    raised = fast(frame.assign(mode=mode, score=frame["score"] + 9.0 * (mode == "overt")), fixed="mode")
    assert raised.frame["variance"].to_numpy() == pytest.approx(plain.frame["variance"].to_numpy(), rel=1e-9)
    a, b = (found.effects.frame.set_index("term")["coefficient"]["mode=overt"] for found in (plain, raised))
    assert b - a == pytest.approx(9.0, abs=1e-9)
    assert raised.effects.design.clusters == "store" or "store" in str(raised.effects.design.clusters)
    assert raised.severity().frame["effect"].to_numpy() == pytest.approx(
        plain.severity().frame["effect"].to_numpy(), abs=1e-9
    )


def test_unbiased_over_simulated_studies_though_cut_off_they_are_not():
    """400 unbalanced studies with an inspector variance of 0: the mean of the estimates lies within 3.5 standard errors."""
    g = np.random.default_rng(7)
    s, i = g.integers(0, 25, 120), g.integers(0, 6, 120)
    groupings = [Grouping(s, 25), Grouping(i, 6)]
    squares = Squares.of(groupings, np.ones((120, 1)))
    found = np.array([squares.components(g.normal(0, 5, 25)[s] + g.normal(0, 8, 120)) for _ in range(400)])
    error = found.std(axis=0) / 20
    assert np.all(np.abs(found.mean(axis=0) - [25, 0, 64]) < 3.5 * error)
    assert (np.maximum(found, 0).mean(axis=0) - [25, 0, 64])[1] > 3.5 * error[1]


def test_standard_errors_are_what_repeated_studies_show():
    found = [fast(visited(seed, visits=200)[0], seed=seed).frame for seed in range(60)]
    value, se = (np.array([frame[name].to_numpy() for frame in found]) for name in ("variance", "se"))
    main = [0, 1]
    assert se.mean(axis=0)[main] == pytest.approx(value.std(axis=0)[main], rel=0.3)


# --- other designs -----------------------------------------------------------------------------------------


def test_a_decision_study_is_brennans_formula():
    """Stores x inspectors x items, crossed: every variance over its numbers of levels."""
    g = np.random.default_rng(4)
    points = (
        g.normal(0, 2, (15, 1, 1))
        + g.normal(0, 1, (1, 6, 1))
        + g.normal(0, 1, (1, 1, 8))
        + g.normal(0, 0.7, (15, 6, 1))
    )
    points = points + g.normal(0, 0.5, (15, 1, 8)) + g.normal(0, 0.5, (1, 6, 8)) + g.normal(0, 1, (15, 6, 8))
    s, i, t = np.indices(points.shape)
    frame = pd.DataFrame({"store": s.ravel(), "inspector": i.ravel(), "item": t.ravel(), "score": points.ravel()})
    found = fast(frame, items="item")
    v = variances(found)
    assert set(v) == {
        "objects",
        "inspectors",
        "items",
        "objects:inspectors",
        "objects:items",
        "inspectors:items",
        "residual",
    }
    ni, nt = 3, 20
    delta = v["objects:inspectors"] / ni + v["objects:items"] / nt + v["residual"] / (ni * nt)
    big = delta + v["inspectors"] / ni + v["items"] / nt + v["inspectors:items"] / (ni * nt)
    got = found.for_design(visits=ni, items=nt)
    assert got.relative == pytest.approx(v["objects"] / (v["objects"] + delta), abs=1e-12)
    assert got.absolute == pytest.approx(v["objects"] / (v["objects"] + big), abs=1e-12)
    apart = found.for_design(visits=ni, items=nt, crossed=False)
    other = delta + v["inspectors"] / ni + v["inspectors:items"] / (ni * nt)
    assert apart.relative == pytest.approx(v["objects"] / (v["objects"] + other), abs=1e-12)
    assert apart.absolute == pytest.approx(got.absolute, abs=1e-12)


def test_one_inspector_for_all_visits_levels_off():
    found = fast(visited(2)[0])
    v = dict(zip(found.frame["component"], found.frame["truncated"], strict=True))
    rest = v["inspectors"] + v.get("objects:inspectors", 0.0)
    one = found.for_design(visits=1000, inspectors=1)
    assert one.absolute == pytest.approx(v["objects"] / (v["objects"] + rest + v["residual"] / 1000), abs=1e-12)
    assert found.for_design(visits=8).absolute > found.for_design(visits=8, inspectors=1).absolute
    assert found.visits_for(0.95, inspectors=1) is None
    assert "No number of visits" not in found.sentence()


@pytest.mark.parametrize("target", [0.5, 0.7, 0.8, 0.9])
def test_visits_for_are_the_fewest_that_reach(target):
    found = fast(visited(2)[0])
    n = found.visits_for(target)
    assert found.for_design(visits=n).absolute >= target
    assert n == 1 or found.for_design(visits=n - 1).absolute < target


def test_more_visits_do_what_the_decision_study_says():
    """Two independent means of k visits correlate as Eρ² predicts: known variances, 4,000 stores, other inspectors each."""
    g = np.random.default_rng(9)
    points = g.normal(0, 3, (400, 1)) + g.normal(0, 2, (1, 40)) + g.normal(0, 4, (400, 40))
    found = fast(long(points))
    for k in (2, 6):
        store = g.normal(0, 3, 4000)
        means = [store + (g.normal(0, 2, (4000, k)) + g.normal(0, 4, (4000, k))).mean(axis=1) for _ in range(2)]
        seen = np.corrcoef(*means)[0, 1]
        assert found.for_design(visits=k, crossed=False).relative == pytest.approx(seen, abs=0.05)


def test_a_chain_mean_and_its_error():
    found = fast(visited(6)[0])
    v = dict(zip(found.frame["component"], found.frame["truncated"], strict=True))
    got = found.for_design(visits=2, of="chain", stores=50, inspectors=10)
    rest = v["inspectors"] / 10 + v.get("objects:inspectors", 0.0) / 100 + v["residual"] / 100
    assert got.absolute_error == pytest.approx(np.sqrt(v["objects"] / 50 + rest), abs=1e-12)
    assert np.isnan(got.absolute)
    assert "one chain" in got.sentence()
    all_of_it = found.for_design(visits=2, of="chain", stores=50, inspectors=10, all_stores=True)
    assert all_of_it.absolute_error == pytest.approx(np.sqrt(rest), abs=1e-12)


def test_several_chains_have_a_coefficient_of_their_own():
    g = np.random.default_rng(12)
    parts = []
    for chain in range(12):
        part, *_ = visited(chain, stores=15, inspectors=4, visits=60)
        parts.append(part.assign(chain=chain, store=part["store"] + f" {chain}", score=part["score"] + g.normal(0, 5)))
    found = fast(pd.concat(parts), groups="chain")
    v = dict(zip(found.frame["component"], found.frame["truncated"], strict=True))
    got = found.for_design(visits=1, of="chain", stores=40)
    assert got.absolute == pytest.approx(v["groups"] / (v["groups"] + got.absolute_error**2), abs=1e-12)
    store = found.for_design(visits=1)
    assert store.absolute == pytest.approx(
        1 - store.absolute_error**2 / (v["groups"] + v["objects"] + store.absolute_error**2)
    )
    assert found.visits_for(0.8, of="chain", stores=40) < found.visits_for(0.8)  # Finn: chains need fewer


# --- lme4 ---------------------------------------------------------------------------------------------------


REFERENCE = Path(__file__).parent / "reference"
LME4 = tomllib.loads((REFERENCE / "dependability.toml").read_text(encoding="utf-8"))
BOTH = pd.read_csv(REFERENCE / "dependability.csv")


def lme4(study):
    return BOTH[BOTH["study"] == study].reset_index(drop=True), LME4[study]


def test_balanced_variances_and_fixed_effects_are_those_of_lme4():
    frame, want = lme4("balanced")
    assert fast(frame).frame["variance"].to_numpy() == pytest.approx(want["variance"], rel=1e-4)
    found = fast(frame, fixed="agency")
    assert found.frame["variance"].to_numpy() == pytest.approx(want["variance_beside_agency"], rel=1e-4)
    assert found.effects.frame["coefficient"].to_numpy() == pytest.approx(want["effect"], rel=1e-8)
    assert found.effects.frame["se"].to_numpy() == pytest.approx(want["effect_se"], rel=1e-4)


def test_unbalanced_variances_and_fixed_effects_come_near_lme4():
    """Another estimator of the same things: within its error; least squares is at best as sharp as generalised ones."""
    frame, want = lme4("unbalanced")
    codes = [pd.factorize(frame[name])[0] for name in ("store", "inspector")]
    squares = Squares.of([Grouping(each, int(each.max()) + 1) for each in codes], np.ones((len(frame), 1)))
    found, true = squares.components(frame["score"].to_numpy()), np.array(want["variance"])
    error = simulated_components(squares, true, 200, 1).std(axis=0)
    assert np.all(np.abs(found - true) < 2 * error)  # errors of sums of groups, which are larger than those of REML
    plain = fit_linear(frame, "score", "agency", SampleDesign(clusters="store"))
    variances = np.array(want["variance_beside_agency"])
    told = with_components(plain, frame, squares.groupings, variances, np.tile(variances, (5, 1))).frame
    assert np.all(np.abs(told["coefficient"].to_numpy() - want["effect"]) < 0.5 * np.array(want["effect_se"]))
    ratio = told["se"].to_numpy() / want["effect_se"]
    assert np.all((ratio >= 1) & (ratio < 1.1))  # Gauss and Markov: none is sharper than generalised least squares
    assert (
        plain.frame["se"].to_numpy()[1] < 0.6 * want["effect_se"][1]
    )  # what clusters of stores alone would have claimed


def test_predictions_under_the_variances_of_lme4_are_its_conditional_modes():
    frame, want = lme4("unbalanced")
    cells = frame.groupby(["store", "inspector"])["score"].agg(["mean", "size"]).reset_index()
    store, inspector, rest = want["variance"]
    sizes = (frame["store"].nunique(), frame["inspector"].nunique())
    found = predict_crossed(cells["mean"].to_numpy(), rest / cells["size"].to_numpy(), cells["store"].to_numpy() - 1,
                            cells["inspector"].to_numpy() - 1, sizes, (store, inspector))  # fmt: skip
    assert found.mean == pytest.approx(want["mean"][0], rel=1e-6)
    assert found.rows == pytest.approx(np.array(want["store"]), abs=1e-4)
    assert found.columns == pytest.approx(np.array(want["inspector"]), abs=1e-4)


def test_intervals_of_a_fixed_effect_hold_where_agencies_have_inspectors_of_their_own():
    held = [0, 0]
    for seed in range(80):
        frame, *_ = visited(seed, inspectors=10, sd=(8.0, 4.0, 0.0, 8.0))
        frame = frame.assign(agency=np.where(frame["inspector"] < "I05", "a", "b"))
        ours = fast(frame, fixed="agency").effects.frame.iloc[1]
        plain = fit_linear(frame, "score", "agency", SampleDesign(clusters="store")).frame.iloc[1]
        for k, row in enumerate((plain, ours)):
            held[k] += int(row["low"] <= 0 <= row["high"])
    assert held[0] < 0.8 * 80
    assert held[1] >= 0.9 * 80
    told = fast(frame, fixed="agency").effects
    assert "errors from the variance components of the study" in told.note()
    assert "标准误由本研究的方差分量得出" in told.in_language("zh").note()


# --- inspectors and stores ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(9, 4), (4, 9)])
def test_predictions_are_those_of_the_whole_covariance_matrix(sizes):
    g = np.random.default_rng(sizes[0])
    pairs = np.unique(g.integers(0, sizes, (22, 2)), axis=0)
    row, column = pairs.T
    y, error, between = g.normal(70, 5, len(row)), g.uniform(2, 9, len(row)), (8.0, 3.0)
    found = predict_crossed(y, error, row, column, sizes, between)
    zr, zc = np.eye(sizes[0])[row], np.eye(sizes[1])[column]
    inverse = np.linalg.inv(between[0] * zr @ zr.T + between[1] * zc @ zc.T + np.diag(error))
    one = np.ones(len(y))
    mean = (one @ inverse @ y) / (one @ inverse @ one)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    p = inverse - np.outer(inverse @ one, one @ inverse) / (one @ inverse @ one)
    for z, variance, effects in ((zr, between[0], found.rows), (zc, between[1], found.columns)):
        assert effects == pytest.approx(variance * z.T @ inverse @ (y - mean), abs=1e-9)
    want = between[1] * np.eye(sizes[1]) - between[1] ** 2 * zc.T @ p @ zc
    assert found.column_errors == pytest.approx(np.sqrt(np.diag(want)), abs=1e-9)
    weights = (
        np.outer(np.ones(sizes[0]), inverse @ one / (one @ inverse @ one)) + between[0] * zr.T @ p
    )  # of mean + row in y
    v = np.linalg.inv(inverse)
    wrong = np.diag(weights @ v @ weights.T) - 2 * np.diag(weights @ zr) * between[0] + between[0]
    assert found.row_errors == pytest.approx(np.sqrt(wrong), abs=1e-9)


def test_adjusted_scores_are_nearer_to_the_truth_than_raw_ones():
    closer, covered, severe = [], [], []
    for seed in range(12):
        frame, store, inspector = visited(seed, sd=(6.0, 6.0, 0.0, 5.0))
        found = fast(frame)
        shown = found.stores().frame.set_index("object")
        truth = 75 + store[[int(name[1:]) for name in shown.index]]
        raw, adjusted = (((shown[name] - truth) ** 2).mean() for name in ("raw", "adjusted"))
        closer.append(adjusted < raw)
        covered.append(((shown["low"] <= truth) & (truth <= shown["high"])).mean())
        table = found.severity().frame
        true = (inspector - inspector.mean())[[int(name[1:]) for name in table["inspector"]]]
        severe.append(np.corrcoef(table["effect"], true)[0, 1])
    assert np.mean(closer) > 0.9
    assert 0.85 <= np.mean(covered) <= 0.99
    assert np.mean(severe) > 0.9


def test_stores_and_inspectors_are_counted():
    frame, *_ = visited(1)
    frame.loc[len(frame)] = ["S00", "once", 40.0]
    found = fast(frame)
    table = found.severity().frame.set_index("inspector")
    assert table["scores"].sum() == len(frame) == found.n
    assert table.loc["once", ["scores", "objects", "reason"]].tolist() == [1, 1, "one object"]
    assert "visited one store only" in found.note()
    assert found.stores().frame["scores"].sum() == len(frame)
    assert "无法与该对象区分" in found.severity().in_language("zh").to_string()
    assert "1 名检查员只访问过一个门店" in found.in_language("zh").note()


def test_items_of_a_visit_say_of_inspectors_what_the_visits_scores_say():
    """With the same items in every visit, the severity from answers is nearly that from the visits' means."""
    g = np.random.default_rng(5)
    s, i = g.integers(0, 30, 150), g.integers(0, 8, 150)
    answers = (
        0.7
        + g.normal(0, 0.15, 30)[s, None]
        + g.normal(0, 0.1, 8)[i, None]
        + g.normal(0, 0.2, 12)
        + g.normal(0, 0.3, (150, 12))
    )
    visits = pd.DataFrame({"store": s, "inspector": i, "visit": np.arange(150), "score": answers.mean(axis=1)})
    rows = visits.loc[np.repeat(np.arange(150), 12)].assign(item=np.tile(np.arange(12), 150), score=answers.ravel())
    found, coarse = fast(rows, items="item", occasions="visit"), fast(visits)
    assert found.layout.visits.tolist() == coarse.layout.visits.tolist()
    assert "visit (within store, inspector)" in found.to_string()
    fine, whole = (each.severity().frame.set_index("inspector")["effect"] for each in (found, coarse))
    assert fine[whole.index].to_numpy() == pytest.approx(whole.to_numpy(), abs=0.002)
    assert f"{found.frame['variance'].max():.4f}" in found.to_string()  # scores from 0 to 1 show more decimals


# --- what cannot be told apart -----------------------------------------------------------------------------


def test_no_replication_is_said():
    found = fast(long(SHROUT))
    assert found.layout.omitted == {"objects:inspectors": "no replication"}
    assert "store × inspector: no replication: part of the residual" in found.note()
    assert "门店 × 检查员：无重复观测，已并入残差" in found.in_language("zh").note()


def test_negative_variances_are_kept_and_their_truncation_is_said():
    points = np.array([[1.0, 5, 9], [9, 1, 5], [5, 9, 1], [4, 5, 6]])
    found = fast(long(points))
    row = found.frame.set_index("component").loc["objects"]
    assert (row["variance"] < 0, row["truncated"], row["reason"]) == (True, 0.0, "negative")
    assert "estimate below 0: taken as 0" in found.to_string()
    assert "估计为负，后续按 0 计算" in found.in_language("zh").to_string()
    got = found.for_design(visits=3)
    assert (got.relative, got.reason) == (0.0, "no differences")
    assert got.relative_low == 0.0


def test_inspectors_within_stores_count_as_error_of_every_comparison():
    g = np.random.default_rng(3)
    store, inspector, score = (
        np.repeat(np.arange(15), 12),
        np.repeat(np.arange(45), 4),
        g.normal(0, 3, 15)[np.repeat(np.arange(15), 12)],
    )
    frame = pd.DataFrame(
        {"store": store, "inspector": inspector, "score": score + g.normal(0, 2, 45)[inspector] + g.normal(0, 1, 180)}
    )
    found = fast(frame)
    assert found.frame["component"].tolist() == ["objects", "inspectors", "residual"]
    got = found.for_design(visits=4, inspectors=2, crossed=True)
    assert got.relative == pytest.approx(got.absolute, abs=1e-12)
    assert "inspector (within store)" in found.to_string()
    assert found.layout.islands == 15
    assert "share no inspector" in found.note()


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (pd.DataFrame({"store": ["A"] * 4, "inspector": list("xyxy"), "score": [1, 2, 3, 4]}), {}, "one store only"),
        (pd.DataFrame({"store": list("ABCD"), "inspector": list("xyxy"), "score": [1, 2, 3, 4]}), {}, "one score only"),
        (pd.DataFrame({"store": list("AABB"), "inspector": list("xxyy"), "score": [1, 2, 3, 4]}), {}, "an inspector of its own"),
        (pd.DataFrame({"store": list("AABB"), "inspector": list("xyxy"), "score": [1, "two", 3, 4]}), {}, r"'two' \(row 3\)"),
        (pd.DataFrame({"store": list("AABB"), "inspector": list("xyxy"), "score": [3, 3, 3, 3]}), {}, "no variance to share out"),
        (pd.DataFrame({"store": list("AABB"), "inspector": list("xyxy"), "score": [1, 2, 3, 4], "chain": list("mnmm")}),
         {"groups": "chain"}, "Each must lie in one"),
        (pd.DataFrame({"store": list("AABB"), "score": [1, 2, 3, 4]}), {}, "no column 'inspector'"),
    ],
)  # fmt: skip
def test_studies_that_cannot_be_used_are_refused_with_what_to_do(frame, options, message):
    with pytest.raises(DataError, match=message):
        fast(frame, **options)


def test_one_inspector_is_said_and_leaves_the_rest():
    frame, *_ = visited(1)
    found = fast(frame.assign(inspector="Li"))
    assert found.frame["component"].tolist() == ["objects", "residual"]
    assert "inspector: only one level" in found.note()
    assert (found.severity().frame["reason"] == "one inspector").all()


def test_with_one_inspector_whether_a_store_passes_is_not_known():
    found = fast(visited(1)[0].assign(inspector="Li"))
    made = found.as_made()
    assert np.isnan([made.absolute, made.absolute_low, made.absolute_error]).all()
    assert 0 < made.relative < 1  # ranks as this inspector gives them
    assert np.isnan(found.for_design(visits=4, crossed=False).relative)
    for said in (found.sentence(), found.note(), found.plan().note()):
        assert "one inspector: how inspectors differ cannot be seen" in said
        assert "another inspector (" not in said
        assert "Φ of" not in said
    chinese = fast(visited(1)[0].assign(inspector="Li"), language="zh")
    assert "Φ 未知（仅一名检查员" in chinese.sentence()
    assert set(found.plan().frame["inspectors"]) == {1}
    assert "relative several" in [line.get_label() for line in found.plan().plot(new_axes()).lines]
    for options in ({}, {"kind": "relative", "crossed": False}):
        with pytest.raises(DataError, match="one inspector made all visits: how inspectors differ is not known"):
            found.visits_for(0.8, **options)
    assert found.visits_for(0.8, kind="relative") >= 1


def test_the_number_of_visits_has_the_range_of_its_coefficient():
    """Spearman and Brown: k visits give k p/(1 + (k − 1) p), so a target t takes t (1 − p)/(p (1 − t)) of them."""
    rng = np.random.default_rng(2)
    points = rng.normal(70, 6, (30, 1)) + rng.normal(0, 7, (30, 4))
    found = fast(long(points), inspectors=None)
    one = found.for_design(visits=1)
    ends = [int(np.ceil(0.8 * (1 - p) / (p * 0.2))) for p in (one.absolute_high, one.absolute, one.absolute_low)]
    low, high = found.visits_range(0.8)
    assert [low, found.visits_for(0.8), high] == ends
    between, within = 4 * points.mean(axis=1).var(ddof=1), points.var(axis=1, ddof=1).mean()
    exact = [stats.f.ppf(tail, 29, 90) for tail in (0.975, 0.025)]  # the interval of Shrout and Fleiss (1979)
    p = [(between / within / f - 1) / (between / within / f + 3) for f in exact]
    assert one.absolute_low == pytest.approx(p[0], abs=0.06)
    assert one.absolute_high == pytest.approx(p[1], abs=0.06)
    assert found.sentence().endswith(f"Φ of .80 takes {ends[1]} visits per store (95% CI {low} to {high}).")


def test_few_stores_leave_the_number_of_visits_open():
    frame = visited(5, stores=6, visits=18, sd=(3.0, 2.0, 0.0, 12.0))[0]
    found = fast(frame)
    assert found.visits_range(0.8)[1] is None
    assert "to never)" in found.sentence()
    assert "至不可达）" in fast(frame, language="zh").sentence()


def test_without_inspectors_nobody_speaks_of_them():
    found = fast(visited(1)[0], inspectors=None)
    assert found.frame["component"].tolist() == ["objects", "residual"]
    for language, word in (("en", "inspector"), ("zh", "检查员")):
        shown = found.in_language(language)
        texts = (shown.sentence(), shown.to_string(), shown.plan().to_string())
        assert not any(word in text for text in texts)
        ax = shown.plan().plot(new_axes())
        assert not any(word in text.get_text() for text in ax.get_legend().get_texts())


def test_wrong_designs_are_refused():
    found = fast(visited(1)[0])
    with pytest.raises(SpecError, match="visits=0 must be a whole number"):
        found.for_design(visits=0)
    with pytest.raises(SpecError, match="inspectors=5 are more than the 3 visits"):
        found.for_design(visits=3, inspectors=5)
    with pytest.raises(SpecError, match="target=80"):
        found.visits_for(80)
    with pytest.raises(SpecError, match="named more than once"):
        dependability(visited(1)[0], score="score", inspectors="store")
    with pytest.raises(SpecError, match="not among the facets"):
        fast(visited(1)[0], inspectors=None).severity()


def test_missing_scores_are_dropped_and_counted():
    frame, *_ = visited(1)
    frame.loc[[3, 8], "score"] = np.nan
    frame.loc[5, "inspector"] = None
    found = fast(frame)
    assert (found.n, found.n_dropped) == (len(frame) - 3, 3)
    assert "3 dropped for something missing" in found.note()


def test_the_same_seed_gives_the_same_bytes():
    frame, *_ = visited(1)
    one, two, other = (fast(frame, seed=seed).to_csv() for seed in (1, 1, 2))
    assert one == two != other


def test_fixed_columns_hold_the_constant_and_one_column_per_further_category():
    frame = pd.DataFrame({"mode": ["covert", "overt", "covert"], "minutes": [10.0, 20, 30]})
    assert fixed_columns(frame, ["mode", "minutes"]).tolist() == [[1, 0, -1], [1, 1, 0], [1, 0, 1]]


# --- words and pictures ------------------------------------------------------------------------------------


def test_the_tables_read_in_both_languages():
    found = fast(visited(2)[0])
    assert "Variance components of score" in found.to_string()
    named = found.with_labels({"store": Variable({"en": "shop", "zh": "营业厅"})})
    assert "shop" in named.to_string()
    zh = named.in_language("zh")
    for text in (
        zh.to_string(),
        zh.sentence(),
        zh.plan().to_string(),
        zh.severity().to_string(),
        zh.stores().to_string(),
    ):
        assert "营业厅" in text or "检查员" in text
        assert "; " not in text
    assert "每个营业厅需" in zh.sentence()
    assert "方差分量：score" in zh.to_string()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_have_the_lines_they_promise(language):
    found = fast(visited(2)[0]).in_language(language)
    ax = found.plan(visits=(1, 2, 4)).plot(new_axes())
    lines = {line.get_label(): line for line in ax.lines}
    assert {"target", "absolute several", "absolute one"} <= set(lines)
    want = [found.for_design(visits=k).absolute for k in (1, 2, 4)]
    assert lines["absolute several"].get_ydata().tolist() == pytest.approx(want)
    assert lines["absolute one"].get_ydata()[-1] < want[-1]
    rows = found.severity()
    names = [label.get_text() for label in rows.plot(new_axes()).get_yticklabels()]
    assert names == rows.frame["inspector"].tolist()


def test_both_coefficients_are_drawn_where_they_differ():
    ax = fast(long(SHROUT)).plan(visits=(1, 2, 4)).plot(new_axes())
    assert {"absolute several", "relative several"} <= {line.get_label() for line in ax.lines}


def test_a_chain_without_others_has_no_picture_of_a_coefficient():
    with pytest.raises(SpecError, match="needs rows with a coefficient"):
        fast(visited(2)[0]).plan(of="chain").plot(new_axes())


def test_intraclass_correlations_and_components_are_one():
    """ICC(2,k) and ICC(3,k) are Φ and Eρ² of the same crossed table, whatever the data, while variances are positive."""
    for seed in range(20):
        g = np.random.default_rng(seed)
        points = g.normal(0, 3, (10, 1)) + g.normal(0, 2, (1, 4)) + g.normal(0, 1, (10, 4))
        found = fast(long(points))
        if (found.frame["variance"] > 0).all():
            icc, got = intraclass_correlations(points), found.for_design(visits=4)
            assert (got.absolute, got.relative) == (
                pytest.approx(icc["icc2_k"].value),
                pytest.approx(icc["icc3_k"].value),
            )


# --- the large simulation ----------------------------------------------------------------------------------


def written(columns):
    """Lines of one table of the page, by its number of columns."""
    lines = (Path(__file__).parents[1] / "docs" / "dependability.md").read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip().replace("−", "-") for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]
    return [each for each in cells if len(each) == columns and each[0] != "study"]


def test_the_committed_simulation_shows_no_bias_and_intervals_that_cover():
    lines = written(9)
    assert len(lines) == 4 * len(dependability_truth.CASES)
    bias = np.array([float(line[4]) for line in lines])
    assert np.abs(bias).max() < 3.5
    assert np.abs(bias.mean()) < 1
    covered = np.array([float(line[8].rstrip("%")) for line in lines])
    assert covered.min() >= 91
    assert covered.mean() == pytest.approx(95, abs=1)
    for line in written(5):
        assert float(line[1]) == pytest.approx(
            float(line[3]), abs=0.01
        )  # what such visits give is what the formula says
        assert float(line[2]) == pytest.approx(float(line[3]), abs=0.06)
        assert 92 <= float(line[4].rstrip("%")) <= 98


def test_the_first_simulated_studies_are_those_of_the_page():
    case = dependability_truth.CASES[0]
    generator = np.random.default_rng([1, 0])
    found = [dependability_truth.one(case, generator, 100) for _ in range(40)]
    mean, error = (getattr(pd.Series([each["relative"] for _, each in found]), what)() for what in ("mean", "sem"))
    assert mean == pytest.approx(float(written(5)[0][2]), abs=3.5 * error)
    assert error < 0.02


@pytest.mark.parametrize("effects", [(2.0, 1.0), (2.0, 0.0), (0.0, 2.0)])
def test_scores_without_error_are_shown_without_warnings(effects):
    s, i = np.indices((6, 4))
    found = fast(long(effects[0] * s + effects[1] * i))
    assert variances(found)["residual"] == pytest.approx(0, abs=1e-9)
    got = found.for_design(visits=4)
    assert got.relative == pytest.approx(1.0 if effects[0] else 0.0)
    assert "no interval" in got.sentence() or not effects[0]
    assert found.plan().to_string()
    assert found.severity().to_string()
    assert found.stores().to_string()
