"""Weights fitted to customers' ratings, and agreement of inspection with customers.

Authorities: R 4.2.2 (``quadprog`` 1.5-8, ``cor.test``, ``t.test``, ``lm``), scipy's SLSQP, a fine grid over all weights, Bland and
Altman's peak flow data, ``pingouin``; studies with known weights (the large ones: benchmarks/fitted_weights.py). Identities hold for
any data: the conditions of Karush, Kuhn and Tucker, rule 13, cross-validation that has not seen what it predicts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from benchmarks import fitted_weights
from servqual import Responses, load_instrument, read_responses
from servqual.index_weights import (
    ALL,
    FitPlan,
    StoreIndicators,
    check_weights,
    choose_penalty,
    effective_number,
    fit_index_weights,
    share_taken_off,
    simplex_weights,
)
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator, load_checklist
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import read_visits
from servqual.store_agreement import (
    chance_of,
    compare_store_scores,
    inspected_stores,
    limits_of_agreement,
    match_stores,
    rank_agreement,
    store_ratings,
)
from survey_design.errors import DataError, SpecError
from survey_design.plots.sheet import new_axes

# Twelve stores, four indicators, and what R's quadprog::solve.QP makes of them (options(digits = 12)).
X = np.array([
    [72, 81, 64, 90], [65, 70, 88, 61], [91, 77, 70, 85], [58, 66, 73, 80], [83, 90, 79, 62], [77, 59, 68, 71],
    [69, 84, 92, 78], [95, 88, 81, 90], [62, 71, 60, 66], [80, 75, 85, 73], [74, 93, 67, 82], [88, 64, 76, 69],
], dtype=float)  # fmt: skip
Y = np.array([70, 69, 85, 59, 84, 72, 74, 93, 60, 79, 80, 83], dtype=float)
N = np.array([5, 8, 12, 6, 9, 7, 10, 14, 5, 8, 6, 11])
START = [0.4, 0.3, 0.2, 0.1]
QUADPROG = {
    (0.0, False): [0.708423703218, 0.190414701131, 0.101161595651, 0],
    (0.0, True): [0.7117421926510, 0.1889464287949, 0.0993113785541, 0],
    (0.3, False): [0.645715892052, 0.229178863087, 0.125105244861, 0],
    (1.0, True): [0.5552788189142, 0.2516160991424, 0.1497829667713, 0.0433221151721],
}
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], dtype=float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], dtype=float)


def frames(x=X, y=Y, n=N):
    names = [f"S{k:02}" for k in range(len(y))]
    scores = pd.DataFrame(x, columns=[f"i{k}" for k in range(np.shape(x)[1])], index=pd.Index(names, name="store"))
    return scores, pd.DataFrame({"store": names, "rating": y, "n": n})


def fit(x=X, y=Y, n=N, **options):
    scores, ratings = frames(x, y, n)
    return fit_index_weights(scores, ratings, **({"seed": 1, "replicates": 50, "shrink": 0} | options))


def mean_square(weights, intercept, x=X, y=Y, n=N):
    share = n / n.sum()
    rest = y - x @ weights
    rest = rest - share @ rest if intercept else rest
    return share @ rest**2


def visits(stores=30, per_store=3, k=4, seed=0, noise=8.0):
    """Scores of visits, ratings of their stores."""
    rng = np.random.default_rng(seed)
    true = 65 + rng.normal(0, 4, (stores, 1)) + rng.normal(0, 6, (stores, k))
    seen = true[:, None] + rng.normal(0, noise, (stores, per_store, k))
    names = np.array([f"S{i:03}" for i in range(stores)])
    table = pd.DataFrame(np.clip(seen.reshape(-1, k), 0, 100), columns=[f"i{j}" for j in range(k)])
    table.insert(0, "store", np.repeat(names, per_store))
    rating = true @ np.array([0.6, 0.3, 0.1, *[0] * (k - 3)]) + rng.normal(0, 3, stores)
    return table, pd.DataFrame({"store": names, "rating": np.clip(rating, 0, 100), "n": rng.integers(5, 30, stores)})


# --- the quadratic programme -------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 15), m=st.integers(1, 30), total=st.sampled_from([1.0, 0.37]))
def test_weights_meet_the_conditions_of_karush_kuhn_and_tucker(seed, k, m, total):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(m, k)) * 10 ** rng.uniform(-3, 3, k)
    gram, right = a.T @ a, a.T @ rng.normal(size=m)
    gram += 1e-9 * np.trace(gram) * np.eye(k)
    first = rng.dirichlet(np.ones(k)) if seed % 2 else None
    w = simplex_weights(gram, right, total=total, first=first)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(total, rel=1e-12)
    gradient, size = gram @ w - right, (np.abs(gram) @ w + np.abs(right)).max()
    nu = gradient[w > 0].mean()
    assert np.abs(gradient[w > 0] - nu).max() <= 1e-10 * size
    assert (gradient[w == 0] >= nu - 1e-10 * size).all()


@pytest.mark.parametrize("seed", range(5))
def test_weights_of_three_are_the_best_of_a_fine_grid(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(40, 100, (15, 3))
    y = np.clip(x @ rng.dirichlet([1, 1, 1]) + rng.normal(0, 6, 15), 0, 100)
    steps = np.arange(0, 1.0005, 0.004)
    grid = np.array([(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1 + 1e-12])
    losses = ((y[:, None] - x @ grid.T) ** 2).mean(axis=0)
    found = fit(x, y, np.ones(15)).weights().to_numpy()
    ours = ((y - x @ found) ** 2).mean()
    assert ours <= losses.min() + 1e-9
    assert np.abs(found - grid[losses.argmin()]).max() < 0.01


@pytest.mark.parametrize(("shrink", "intercept"), list(QUADPROG))
def test_weights_are_those_of_quadprog(shrink, intercept):
    found = fit(start=START, shrink=shrink, intercept=intercept)
    np.testing.assert_allclose(found.weights(), QUADPROG[shrink, intercept], atol=1e-8)


@pytest.mark.parametrize("intercept", [False, True])
def test_weights_are_those_of_slsqp(intercept):
    rng = np.random.default_rng(4)
    x, n = rng.uniform(40, 95, (40, 8)), rng.integers(3, 30, 40)
    y = np.clip(x @ [0.4, 0.3, 0.1, 0.1, 0.1, 0, 0, 0] + rng.normal(0, 5, 40), 0, 100)
    theirs = minimize(lambda w: mean_square(w, intercept, x, y, n), np.full(8, 1 / 8), bounds=[(0, 1)] * 8, method="SLSQP",
                      constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14, "maxiter": 500})  # fmt: skip
    found = fit(x, y, n, intercept=intercept)
    np.testing.assert_allclose(found.weights(), theirs.x, atol=2e-5)
    assert mean_square(found.weights().to_numpy(), intercept, x, y, n) <= theirs.fun + 1e-10


# --- rule 13, and what else holds for any data ---------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), stores=st.integers(5, 25), k=st.integers(1, 8), intercept=st.booleans(),
    shrink=st.sampled_from([0, 0.1, 3, "auto", "best"]), error=st.sampled_from(["none", "auto"]),
)  # fmt: skip
def test_rule_13_fitted_weights_are_never_worse_in_sample_than_the_start_weights(
    seed, stores, k, intercept, shrink, error
):
    rng = np.random.default_rng(seed)
    table, ratings = visits(stores, 2, max(k, 3), seed, noise=rng.uniform(0.5, 20))
    table = table.iloc[:, : k + 1]
    fitted = fit_index_weights(
        table, ratings, start=rng.dirichlet(np.ones(k)), intercept=intercept, shrink=shrink, error=error, seed=1, replicates=50
    )  # fmt: skip
    inside = fitted.agreement.frame.query("sample == 'in sample'").set_index("weights")
    column = "rmse" if error == "none" else "rmse_corrected"  # the objective of each
    assert inside.loc["fitted", column] <= inside.loc["start", column] + 1e-7
    weights = fitted.weights().to_numpy()
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


def test_in_sample_rmse_is_that_of_the_objective():
    for intercept in (False, True):
        fitted = fit(start=START, intercept=intercept)
        told = fitted.agreement.frame.query("sample == 'in sample'").set_index("weights")["rmse"]
        for name, weights in (("start", np.array(START)), ("fitted", fitted.weights().to_numpy())):
            assert told[name] == pytest.approx(np.sqrt(mean_square(weights, intercept)))


def test_customers_own_weights_are_found_where_nothing_errs():
    true = np.array([0.5, 0.3, 0.2, 0.0])
    for intercept, shift in ((False, 0.0), (True, -9.0)):
        np.testing.assert_allclose(fit(y=X @ true + shift, intercept=intercept).weights(), true, atol=1e-6)


def test_cross_validation_has_not_seen_what_it_predicts():
    table, ratings = visits(30)
    options = {"seed": 3, "replicates": 50, "intercept": True}
    before = fit_index_weights(table, ratings, **options).predictions.set_index("store")
    changed = ratings.copy()
    changed.loc[7, "rating"] = 5.0
    after = fit_index_weights(table, changed, **options).predictions.set_index("store")
    assert after.loc["S007", "cross_validated"] == before.loc["S007", "cross_validated"]
    assert (after["cross_validated"] != before["cross_validated"]).sum() > 15


def test_the_order_of_rows_changes_nothing_and_the_same_seed_gives_the_same_bytes():
    table, ratings = visits(25)
    one = fit_index_weights(table, ratings, seed=5, replicates=60)
    mixed = table.sample(frac=1, random_state=2)
    again = fit_index_weights(mixed, ratings.sample(frac=1, random_state=3), seed=5, replicates=60)
    pd.testing.assert_frame_equal(one.frame, again.frame)
    assert fit_index_weights(table, ratings, seed=5, replicates=60).to_csv() == one.to_csv()
    assert fit_index_weights(table, ratings, seed=6, replicates=60).to_csv() != one.to_csv()


def test_a_scale_moved_as_a_whole_moves_no_weight():
    plain, moved = fit(shrink=0.2), fit(X - 20, Y - 20, shrink=0.2)
    np.testing.assert_allclose(plain.weights(), moved.weights(), atol=1e-9)


# --- pull to the start weights -------------------------------------------------------------------------------


def test_a_growing_pull_leads_to_the_start_weights():
    away = [np.abs(fit(start=START, shrink=pull).weights() - START).sum() for pull in (0, 0.1, 1, 10, 1000)]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 2e-3
    kept = fit(start=START, shrink=np.inf)
    np.testing.assert_allclose(kept.weights(), START, rtol=1e-14)
    assert set(kept.frame["reason"]) == {"kept"}
    assert kept.frame["low"].isna().all()
    assert "no intervals, since the start weights are kept" in kept.note()


def test_pull_is_the_largest_within_one_standard_error_of_the_best():
    table, ratings = visits(40)
    for seed in range(4):
        fitted = fit_index_weights(table, ratings, seed=seed, replicates=50)
        curve = fitted.curves.set_index("penalty")
        chosen = fitted.fit_of()["penalty"]
        assert curve.loc[chosen, "excess"] <= curve.loc[chosen, "se"]
        beyond = curve[curve.index > chosen]
        assert (beyond["excess"] > beyond["se"]).all()
        best = fit_index_weights(table, ratings, seed=seed, replicates=50, shrink="best").fit_of()["penalty"]
        assert curve.loc[best, "error"] == curve["error"].min()


def test_thin_data_keep_the_expert_weights():
    """Ratings that are noise: nothing is to be learned from them."""
    rng = np.random.default_rng(8)
    kept = []
    for seed in range(8):
        x, y = rng.uniform(50, 90, (12, 5)), rng.uniform(60, 80, 12)
        kept.append(np.isinf(fit(x, y, shrink="auto", intercept=True, seed=seed).fit_of()["penalty"]))
    assert np.mean(kept) >= 0.75


def test_repeated_cross_validation_is_the_mean_of_its_partitions():
    table, ratings = visits(25)
    x = table.groupby("store")[["i0", "i1", "i2", "i3"]].mean()
    k, s = x.shape[1], len(x)
    stores = StoreIndicators(
        tuple(x.index), tuple(x.columns), x.to_numpy(), ratings["rating"].to_numpy(), np.ones(s), np.ones((s, k, k))
    )
    plan = FitPlan.of(stores, np.full(k, 1 / k), True, False)
    together = choose_penalty(plan, stores, 5, np.random.default_rng(4), repeats=3)[1]["error"]
    generator = np.random.default_rng(4)
    single = [choose_penalty(plan, stores, 5, generator, repeats=1)[1]["error"] for _ in range(3)]
    np.testing.assert_allclose(together, np.mean(single, axis=0))
    assert np.ptp(single, axis=0).max() > 1e-3


def noise(seed):
    """Twelve stores and ratings that have nothing to do with their five indicators."""
    rng = np.random.default_rng(seed)
    return rng.uniform(50, 90, (12, 5)), rng.uniform(60, 80, 12)


def test_weights_that_do_no_better_in_stores_not_seen_are_refused():
    """In this draw the curve speaks for a change, and the whole procedure loses by it."""
    x, y = noise(1)
    fitted = fit(x, y, shrink="auto", intercept=True)
    row = fitted.fit_of()
    assert row["refused"]
    assert row["gain"] < 0
    curve = fitted.curves.set_index("penalty")
    assert curve.loc[np.inf, "excess"] > curve.loc[np.inf, "se"]  # one standard error would not have kept them
    np.testing.assert_allclose(fitted.weights(), 0.2)
    assert set(fitted.frame["reason"]) == {"refused"}
    assert "keep the start weights, since others do no better in stores not seen" in fitted.sentence()
    assert "保留起始权重（其他权重在未用于拟合的门店中并无改善）" in fitted.in_language("zh").sentence()
    asked = fit(*noise(4), shrink=0, intercept=True)
    assert asked.fit_of()["gain"] < 0
    assert np.abs(asked.weights() - 0.2).max() > 0.1  # as asked for, with a word of warning
    assert "(no better in stores not seen: keep the start weights)" in asked.sentence()
    assert "并无改善：保留起始权重" in asked.in_language("zh").sentence()


@pytest.mark.parametrize("seed", range(8))
def test_changed_weights_gain_something_in_stores_not_seen(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(50, 90, (14, 3))
    fitted = fit(x, x @ [0.6, 0.3, 0.1] + rng.normal(0, 6, 14), np.full(14, 10), shrink="auto", intercept=True)
    row, lines = fitted.fit_of(), fitted.agreement.frame.query("sample == 'cross-validated'").set_index("weights")
    assert row["gain"] == pytest.approx(lines.loc["start", "rmse"] ** 2 - lines.loc["fitted", "rmse"] ** 2)
    assert np.isinf(row["penalty"]) or row["gain"] > 0


@pytest.fixture(scope="module")
def sample():
    """Covert visits and customers' ratings of the sample study."""
    folder = Path(__file__).parents[1] / "data" / "sample"
    seen = read_visits(folder / "visits.csv", load_checklist("telecom-store"), faults="set aside")
    told = read_responses(folder / "intercept.csv", load_instrument("servqual-22"), respondent="respondent",
                          dont_know=[99], missing_codes=[-9], faults="set aside")  # fmt: skip
    return score_visits(seen.chosen((seen.frame["mode"] == "covert").to_numpy())), store_ratings(told)


@pytest.mark.parametrize(("part", "seeds"), [("category", range(6)), ("indicator", (0, 3))])
def test_the_sample_study_keeps_its_weights_whatever_the_seed(sample, part, seeds):
    for seed in seeds:
        fitted = fit_index_weights(*sample, part=part, intercept=True, seed=seed, replicates=50)
        assert np.isinf(fitted.fit_of()["penalty"])
        assert fitted.fit_of()["gain"] < 0
        np.testing.assert_array_equal(fitted.weights(), fitted.start())
    assert "keep the checklist's weights, since the data do not speak against them" in fitted.sentence()
    assert "保留检查表原权重（数据不足以支持改变）" in fitted.in_language("zh").sentence()


def test_fewer_stores_than_indicators_says_so_and_takes_the_nearest_weights_that_fit():
    rng = np.random.default_rng(1)
    x = rng.uniform(50, 90, (6, 9))
    y = x @ np.full(9, 1 / 9)  # equal weights fit exactly, and so do many others
    fitted = fit(x, y, np.ones(6))
    np.testing.assert_allclose(fitted.weights(), 1 / 9, atol=1e-6)
    assert "fewer stores than weights" in fitted.note()
    assert "门店数少于权重个数" in fitted.in_language("zh").note()


def test_a_constant_indicator_keeps_its_weight_and_says_so():
    x = X.copy()
    x[:, 1] = 80
    fitted = fit(x, start=START)
    row = fitted.row("i1")
    assert row["weight"] == pytest.approx(0.3)
    assert (row["reason"], np.isnan(row["low"])) == ("constant", True)
    assert "the same in all stores" in fitted.note()
    assert fitted.weights().sum() == pytest.approx(1)
    others = minimize(lambda w: mean_square(np.insert(w, 1, 0.3), False, x), [0.2, 0.2, 0.3], bounds=[(0, 1)] * 3, method="SLSQP",
                      constraints={"type": "eq", "fun": lambda w: w.sum() - 0.7}, options={"ftol": 1e-14})  # fmt: skip
    np.testing.assert_allclose(fitted.weights().drop("i1"), others.x, atol=1e-5)


# --- error of few visits -------------------------------------------------------------------------------------


def test_error_of_a_visit_is_the_pooled_covariance_within_stores():
    table, ratings = visits(20, 3)
    table = table.drop(index=[0, 4, 5])  # stores of two visits and of one
    fitted = fit_index_weights(table, ratings, seed=1, replicates=50, shrink=0)
    names = ["i0", "i1", "i2", "i3"]
    within = table[names] - table.groupby("store")[names].transform("mean")
    pooled = within.T @ within / (len(table) - 20)
    means, count = table.groupby("store")[names].mean(), table.groupby("store").size()
    given = fit_index_weights(means.assign(visits=count), ratings, error=pooled, seed=1, replicates=50, shrink=0)
    np.testing.assert_allclose(fitted.weights(), given.weights(), atol=1e-9)
    assert fitted.corrected
    share = ratings["n"] / ratings["n"].sum()
    spread = (means.mul(share.to_numpy(), axis=0)).sum()
    spread = ((means - spread) ** 2).mul(share.to_numpy(), axis=0).sum()
    error = np.diag(pooled) * (share.to_numpy() / count.to_numpy()).sum()
    np.testing.assert_allclose(fitted.frame["reliability"], 1 - error / spread, atol=1e-9)


def test_indicators_that_did_not_apply_are_left_out_of_means_and_error():
    table, ratings = visits(20, 4)
    table.loc[[1, 5, 9], "i2"] = np.nan
    fitted = fit_index_weights(table, ratings, seed=1, replicates=50, shrink=0)
    seen = table[["store", "i2"]].dropna()
    within = seen["i2"] - seen.groupby("store")["i2"].transform("mean")
    count = seen.groupby("store").size()
    share = (ratings["n"] / ratings["n"].sum()).to_numpy()
    means = seen.groupby("store")["i2"].mean()
    spread = share @ (means - share @ means) ** 2
    error = (within**2).sum() / (len(seen) - 20) * (share / count).sum()
    assert fitted.row("i2")["reliability"] == pytest.approx(1 - error / spread)


def test_an_indicator_that_never_applied_stands_where_rebasing_puts_it():
    scores, ratings = frames()
    scores.loc["S02", "i3"] = np.nan
    fitted = fit_index_weights(scores, ratings, start=START, seed=1, replicates=50, shrink=0)
    rebased = X[2, :3] @ [0.4, 0.3, 0.2] / 0.9
    assert fitted.predictions.set_index("store").loc["S02", "start"] == pytest.approx(rebased)
    filled = X.copy()
    filled[2, 3] = rebased
    np.testing.assert_allclose(fitted.weights(), fit(filled, start=START).weights(), atol=1e-9)
    assert "in 1 store some never applied" in fitted.note()


def test_error_of_a_store_without_an_indicator_is_that_of_the_others():
    """What stands in is a weighted mean of the others, and so is its error."""
    x = np.array([[60.0, 70.0, np.nan], [50, 60, 70]])
    cov = np.array([[4.0, 1, 0], [1, 9, 2], [0, 2, 16]])
    stores = StoreIndicators(("A", "B"), tuple("abc"), x, np.zeros(2), np.ones(2), np.ones((2, 3, 3)), given=cov)
    full = stores.filled(np.array([0.2, 0.3, 0.5]))
    a = np.array([0.4, 0.6, 0.0])
    assert full.x[0, 2] == pytest.approx(66)
    np.testing.assert_allclose(
        full.errors[0], np.array([[4, 1, a @ cov[:, 0]], [1, 9, a @ cov[:, 1]], [a @ cov[0], a @ cov[1], a @ cov @ a]])
    )
    np.testing.assert_allclose(full.errors[1], cov)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 8), stores=st.integers(3, 400))
def test_the_corrected_objective_is_never_negative(seed, k, stores):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(k + 3, k)), rng.normal(size=(rng.integers(1, 9), k)) * rng.uniform(0.1, 3)
    gram, error = a.T @ a, b.T @ b
    share = share_taken_off(gram, error, stores)
    assert 0 <= share < 1
    assert np.linalg.eigvalsh(gram - share * error)[0] >= -1e-7 * np.trace(gram)
    assert share_taken_off(0 * gram, error, stores) == 0  # one and the same store, drawn again and again


def test_without_repeated_visits_nothing_is_corrected_and_it_says_so():
    table, ratings = visits(20, 1)
    fitted = fit_index_weights(table, ratings, seed=1, replicates=50)
    assert not fitted.corrected
    assert "not corrected for the error of few visits" in fitted.note()
    plain = fit_index_weights(*visits(20, 3), error="none", seed=1, replicates=50)
    assert plain.frame["uncorrected"].isna().all()


@pytest.fixture(scope="module")
def recovered():
    """Mean results of a few studies with known weights, by stores and visits."""
    found = {}
    for stores, per_store in ((60, 2), (600, 2), (600, 12)):
        case, generator = fitted_weights.Case(stores, per_store), np.random.default_rng(11)
        rows = []
        for _ in range(4):
            table, ratings = fitted_weights.study(case, generator)
            for error in ("none", "auto"):
                got = fit_index_weights(table, ratings, error=error, shrink=0, intercept=True, seed=1, replicates=50)
                weights = got.weights().to_numpy()
                rows.append({"error": error, "misplaced": fitted_weights.misplaced(weights), "noisy": weights[0]})
        found[stores, per_store] = pd.DataFrame(rows).groupby("error").mean()
    return found


def test_known_weights_are_recovered_as_stores_and_visits_grow(recovered):
    corrected = {case: table.loc["auto", "misplaced"] for case, table in recovered.items()}
    assert corrected[60, 2] > corrected[600, 2] > corrected[600, 12]
    assert corrected[600, 12] < 0.08


def test_few_visits_attenuate_and_the_correction_takes_that_off(recovered):
    plain, corrected = (recovered[600, 2].loc[name, "noisy"] for name in ("none", "auto"))
    assert plain < 0.17  # 0.30 in truth
    assert abs(corrected - 0.30) < 0.07
    assert plain < recovered[600, 12].loc["none", "noisy"] < 0.30
    assert recovered[600, 2].loc["auto", "misplaced"] < recovered[600, 2].loc["none", "misplaced"]


def test_intervals_cover_known_weights_above_zero():
    case, generator, held = fitted_weights.Case(300, 8), np.random.default_rng(5), []
    for _ in range(8):
        table, ratings = fitted_weights.study(case, generator)
        got = fit_index_weights(table, ratings, shrink=0, intercept=True, seed=1, replicates=100).frame
        held.append((got["low"] <= fitted_weights.WEIGHTS) & (got["high"] >= fitted_weights.WEIGHTS))
    assert np.mean(np.array(held)[:, :4]) > 0.85


# --- centres ------------------------------------------------------------------------------------------------


def test_a_centre_of_its_own_is_fitted_alone_and_a_small_one_gets_the_weights_of_all():
    table, ratings = visits(40)
    table["centre"] = np.where(table["store"] < "S030", "east", "west")
    fitted = fit_index_weights(table, ratings, by="centre", minimum=12, seed=1, replicates=50, shrink=0.1)
    east = table[table["store"] < "S030"].drop(columns="centre")
    alone = fit_index_weights(east, ratings, seed=1, replicates=50, shrink=0.1)
    everybody = fit_index_weights(table.drop(columns="centre"), ratings, seed=1, replicates=50, shrink=0.1)
    np.testing.assert_allclose(fitted.weights(centre="east"), alone.weights(), atol=1e-12)
    np.testing.assert_allclose(fitted.weights(centre="west"), everybody.weights(), atol=1e-12)
    assert set(fitted.frame.query("centre == 'west'")["reason"]) == {"few"}
    assert "fewer than 12 stores, so weights of all stores: west" in fitted.note()
    assert "门店不足 12 家，采用全部门店的权重：west" in fitted.in_language("zh").note()
    assert set(fitted.agreement.frame["group"]) == {"east", ALL}
    per_store = fitted.for_stores()
    np.testing.assert_allclose(per_store.loc["S003"], alone.weights())
    np.testing.assert_allclose(per_store.loc["S035"], everybody.weights())
    assert fitted.sentence(centre="east").startswith("30 stores")


# --- from visits and answers ---------------------------------------------------------------------------------


CHECKLIST = Checklist(
    "shop", "1", {"en": "Shop", "zh": "门店"},
    (Category("people", {"en": "People", "zh": "人员"}, 0.6), Category("place", {"en": "Place", "zh": "环境"}, 0.4),
     Category("extra", {"en": "Extra", "zh": "附加"}, 0.2, module="marketing")),
    (Indicator("talk", {"en": "Talk", "zh": "沟通"}, "people", 0.5), Indicator("help", {"en": "Help", "zh": "协助"}, "people", 0.5),
     Indicator("look", {"en": "Look", "zh": "整洁"}, "place", 1.0), Indicator("offer", {"en": "Offer", "zh": "推介"}, "extra", 1.0)),
    tuple(ChecklistItem(f"{name}{j}", {"en": f"{name} {j}", "zh": f"{name} {j}"}, name)
          for name in ("talk", "help", "look", "offer") for j in range(4)),
)  # fmt: skip


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(2)
    names = [f"S{k:02}" for k in range(24)]
    good = np.clip(rng.normal(0.7, 0.2, (24, 4)), 0.05, 0.95)
    answers = (rng.random((24, 4, 16)) < np.repeat(good, 4, axis=1)[:, None, :]).astype(int).reshape(-1, 16)
    table = pd.DataFrame(answers, columns=[item.id for item in CHECKLIST.items])
    table.insert(0, "store", np.repeat(names, 4))
    table.insert(0, "visit", [f"v{k}" for k in range(len(table))])
    instrument = load_instrument("retail-13")
    level = np.rint(np.clip(1 + 6 * (good[:, :3] @ [0.6, 0.1, 0.3]), 1, 7))
    rated = np.clip(np.repeat(level, 8)[:, None] + rng.integers(-1, 2, (192, 13)), 1, 7)
    data = pd.DataFrame(rated, columns=list(instrument.columns("perception").values())).assign(
        store=np.repeat(names, 8)
    )
    return score_visits(read_visits(table, CHECKLIST)), Responses(data, instrument)


def test_visits_and_answers_are_taken_as_they_come(study):
    scores, responses = study
    fitted = fit_index_weights(scores, responses, seed=1, replicates=50, intercept=True)
    assert fitted.frame["indicator"].tolist() == ["talk", "help", "look"]  # the module is scored apart
    np.testing.assert_allclose(fitted.start(), [0.3, 0.3, 0.4])
    table = scores.per_visit()[["store", "indicator:talk", "indicator:help", "indicator:look"]]
    told = store_ratings(responses)
    same = fit_index_weights(table, told, start=[0.3, 0.3, 0.4], seed=1, replicates=50, intercept=True)
    np.testing.assert_allclose(fitted.frame[["weight", "low"]], same.frame[["weight", "low"]], atol=1e-12)
    again = score_visits(scores.visits, weights=fitted.for_stores())
    total = again.row()["score"]
    expected = (table.drop(columns="store").to_numpy() @ fitted.weights().to_numpy()).mean()
    assert total == pytest.approx(expected)
    assert "沟通" in fitted.in_language("zh").to_string()


def test_categories_may_be_weighted_and_carry_their_indicators(study):
    scores, responses = study
    fitted = fit_index_weights(scores, responses, part="category", seed=1, replicates=50, intercept=True)
    assert fitted.frame["indicator"].tolist() == ["people", "place"]
    np.testing.assert_allclose(fitted.start(), [0.6, 0.4])
    assert "of 2 categories" in fitted.sentence()
    assert fitted.in_language("zh").shown().columns[0] == "类别"
    table = fitted.for_stores()
    np.testing.assert_allclose(table["talk"], fitted.weights()["people"] / 2)
    total = score_visits(scores.visits, weights=table).per_visit().groupby("store")["final"].mean()
    shown = fitted.predictions.set_index("store")["fitted"]
    np.testing.assert_allclose(total - total.mean(), shown - shown.mean(), atol=1e-9)  # an intercept lies between them
    with pytest.raises(SpecError, match="part='item' is not known"):
        fit_index_weights(scores, responses, part="item", seed=1)


def test_ratings_are_means_on_zero_to_a_hundred(study):
    _, responses = study
    told = store_ratings(responses).set_index("store")
    answers = responses.frame[list(responses.instrument.columns("perception").values())]
    by_dimension = answers.T.groupby([item.dimension for item in responses.instrument.items]).mean().T.mean(axis=1)
    means = by_dimension.groupby(responses.frame["store"]).agg(["mean", "size", "sem"])
    np.testing.assert_allclose(told["rating"], 100 * (means["mean"] - 1) / 6)
    np.testing.assert_allclose(told["se"], 100 * means["sem"] / 6)
    assert told["n"].eq(8).all()
    one = responses.instrument.dimensions[0].id
    assert len(store_ratings(responses, question=one)) == 24
    with pytest.raises(SpecError, match="question='smile' is not known"):
        store_ratings(responses, question="smile")


def test_an_outcome_is_rescaled_by_its_own_scale():
    instrument = load_instrument("servperf-22")
    outcome = next(each for each in instrument.outcomes if each.id == "recommend")
    columns = list(instrument.columns("perception").values())
    data = pd.DataFrame(4, index=range(4), columns=columns).assign(store=[*"AABB"], **{outcome.column: [10, 5, 0, 4]})
    told = store_ratings(Responses(data, instrument), question="recommend")
    assert (outcome.scale.low, outcome.scale.high) == (0, 10)
    np.testing.assert_allclose(told["rating"], [75, 20])
    np.testing.assert_allclose(told["se"], [25, 20])


def test_agreement_reads_visits_and_answers(study):
    scores, responses = study
    agreement = compare_store_scores(scores, responses, green=80, red=60)
    total = scores.per_visit().groupby("store")["final"].mean()
    np.testing.assert_allclose(agreement.stores["inspection"], total)
    within = scores.per_visit()["final"] - scores.per_visit().groupby("store")["final"].transform("mean")
    np.testing.assert_allclose(agreement.stores["inspection_se"], np.sqrt((within**2).sum() / (96 - 24) / 4))
    rho = stats.spearmanr(total, store_ratings(responses)["rating"]).statistic
    assert agreement.row("spearman")["value"] == pytest.approx(rho)
    assert agreement.sentence().startswith("Over 24 stores")
    assert inspected_stores(scores)["n"].eq(4).all()
    assert "96 visits scored" in agreement.note()


def test_the_store_may_be_called_otherwise():
    table, ratings = visits(12)
    one = fit_index_weights(table, ratings, seed=1, replicates=50, shrink=0)
    other = fit_index_weights(table.rename(columns={"store": "shop"}), ratings.rename(columns={"store": "shop"}), store="shop", seed=1,
                              replicates=50, shrink=0)  # fmt: skip
    np.testing.assert_array_equal(one.frame["weight"], other.frame["weight"])
    instrument = load_instrument("retail-13")
    data = pd.DataFrame(5, index=range(12), columns=list(instrument.columns("perception").values())).assign(
        shop=[*"ABCDEF"] * 2
    )
    seen = pd.DataFrame({"shop": [*"ABCDEF"], "score": [50, 60, 70, 80, 90, 95]})
    assert compare_store_scores(seen, Responses(data, instrument), store="shop").stores[
        "rating"
    ].tolist() == pytest.approx([400 / 6] * 6)


# --- agreement ------------------------------------------------------------------------------------------------


def test_bland_and_altmans_peak_flow_data():
    """R 4.2.2 on the data of the 1986 paper, which prints: mean −2.1, SD 38.8, r .94, interval of the bias −22.0 to 17.8."""
    found = limits_of_agreement(WRIGHT, MINI)
    np.testing.assert_allclose(found["bias"], [-2.11764705882, -22.0488376966, 17.8135435790])
    np.testing.assert_allclose(found["limit_low"], [-78.0959054671, -112.8515531393, -43.3402577949])
    assert found["limit_high"][0] == pytest.approx(73.8606113495)
    np.testing.assert_allclose(found["trend"], [0.0286874451525, -0.159320063684, 0.216694953989])
    ranks = rank_agreement(WRIGHT, MINI)
    np.testing.assert_allclose(ranks["pearson"][:3], [0.943279446891, 0.846358808792, 0.979731337352])
    assert ranks["spearman"][0] == pytest.approx(0.899509803922)
    assert ranks["kendall"][0] == pytest.approx(0.764705882353)


def test_bias_and_limits_are_those_that_pingouin_draws():
    pingouin = pytest.importorskip("pingouin")
    ax = pingouin.plot_blandaltman(WRIGHT, MINI, annotate=False, ax=new_axes())
    drawn = sorted({round(float(line.get_ydata()[0]), 6) for line in ax.lines})
    found = limits_of_agreement(WRIGHT, MINI)
    for name in ("bias", "limit_low", "limit_high"):
        assert min(abs(found[name][0] - y) for y in drawn) < 0.5  # pingouin takes 1.96
    bands = sorted(
        {
            round(float(y), 4)
            for patch in ax.patches
            for y in patch.get_path().transformed(patch.get_patch_transform()).vertices[:, 1]
        }
    )
    assert min(abs(found["bias"][1] - y) for y in bands) < 1e-3


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(5, 40))
def test_swapped_sides_turn_the_signs_round_and_nothing_else(seed, k):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 100, k), rng.uniform(0, 100, k)
    one, other = limits_of_agreement(a, b), limits_of_agreement(b, a)
    np.testing.assert_allclose(one["bias"], [-other["bias"][0], -other["bias"][2], -other["bias"][1]])
    np.testing.assert_allclose(one["limit_low"][0], -other["limit_high"][0])
    assert rank_agreement(a, b)["kendall"] == pytest.approx(rank_agreement(b, a)["kendall"], nan_ok=True)
    moved = limits_of_agreement(a + 7, b)
    assert moved["bias"][0] == pytest.approx(one["bias"][0] + 7)


def test_rank_intervals_follow_bonett_and_wright():
    r, low, high, p = rank_agreement(X[:, 0], Y)["spearman"]
    theirs = stats.spearmanr(X[:, 0], Y)
    assert (r, p) == pytest.approx((theirs.statistic, theirs.pvalue))
    half = stats.norm.ppf(0.975) * np.sqrt((1 + r**2 / 2) / 9)
    np.testing.assert_allclose([low, high], np.tanh(np.arctanh(r) + np.array([-half, half])))


def test_probability_of_green_inside_and_red_outside_is_as_often_true():
    """2,000 stores of known truth: among those with about the same probability that share is truly so."""
    rng = np.random.default_rng(3)
    truth = rng.normal(82, 6, 2000), rng.normal(72, 6, 2000)
    seen = pd.DataFrame(
        {"store": range(2000), "score": np.clip(truth[0] + rng.normal(0, 5, 2000), 0, 100), "n": 3, "se": 5.0}
    )
    told = pd.DataFrame(
        {"store": range(2000), "rating": np.clip(truth[1] + rng.normal(0, 4, 2000), 0, 100), "n": 9, "se": 4.0}
    )
    p = compare_store_scores(seen, told).stores["p_hidden"].to_numpy()
    so = (truth[0] >= 85) & (truth[1] < 70)
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1)):
        inside = (p >= low) & (p < high)
        error = np.sqrt((p[inside] * (1 - p[inside])).sum()) / inside.sum()
        assert abs(so[inside].mean() - p[inside].mean()) < 3.5 * error + 0.01


def test_chance_without_error_is_certain_and_without_a_number_is_none():
    value = np.array([90.0, 80.0, 85.0])
    assert chance_of(value, np.zeros(3), 85, above=True).tolist() == [1, 0, 1]
    assert chance_of(value, np.zeros(3), 85, above=False).tolist() == [0, 1, 0]
    assert np.isnan(chance_of(value, np.array([1, 1, np.nan]), 85, above=True)).all()


def quadrants():
    seen = pd.DataFrame({"store": [*"ABCDEF"], "score": [85, 60, 90, 60, 75, 69.9], "n": 4, "se": 3.0})
    told = pd.DataFrame({"store": [*"ABCDEG"], "rating": [69.9, 85, 88, 50, 90, 70], "n": 9, "se": 3.0})
    return compare_store_scores(seen, told)


def test_every_store_has_its_quadrant():
    agreement = quadrants()
    assert agreement.stores.set_index("store")["quadrant"].to_dict() == {
        "A": "hidden", "B": "reverse", "C": "good", "D": "poor", "E": "between",
    }  # fmt: skip
    assert agreement.hidden()["store"].tolist() == ["A"]
    assert agreement.reverse()["store"].tolist() == ["B"]
    assert agreement.unmatched["store"].tolist() == ["F", "G"]
    assert agreement.unmatched["problem"].tolist() == ["not in the ratings", "not in the inspection"]
    assert "2 stores left out" in agreement.note()
    assert "green inside, red outside, truly so with probability" in agreement.sentence("A")
    assert "red inside, green outside, truly so" in agreement.sentence("B")
    assert "检查达标、客户不满，真实如此的概率" in agreement.in_language("zh").sentence("A")
    assert "有 2 家门店因一方缺少数据未计入（F、G）" in agreement.in_language("zh").note()


def test_own_lines_of_customers():
    seen = pd.DataFrame({"store": [*"ABC"], "score": [90, 90, 50]})
    told = pd.DataFrame({"store": [*"ABC"], "rating": [58, 62, 81]})
    agreement = compare_store_scores(seen, told, customers=(80, 60))
    assert agreement.stores["quadrant"].tolist() == ["hidden", "between", "reverse"]
    assert set(agreement.stores["reason"]) == {"no error"}
    assert "probability" not in agreement.sentence("A")


def test_outliers_lie_beyond_the_limits():
    x = np.linspace(60, 90, 30)
    apart = np.tile([1.0, -1.0], 15)
    apart[4] = 25
    told = pd.DataFrame({"store": range(30), "rating": x - apart})
    agreement = compare_store_scores(pd.DataFrame({"store": range(30), "score": x}), told)
    assert agreement.outliers()["store"].tolist() == [4]


def test_no_spread_and_complete_order_have_their_reasons():
    seen = pd.DataFrame({"store": range(6), "score": [50, 60, 70, 80, 90, 95]})
    same = compare_store_scores(seen, pd.DataFrame({"store": range(6), "rating": 70}))
    assert same.row("pearson")["reason"] == "no spread"
    assert "相同" in same.in_language("zh").to_string()
    exact = compare_store_scores(seen, pd.DataFrame({"store": range(6), "rating": [40, 51, 59, 66, 70, 99]}))
    assert exact.row("spearman")["value"] == pytest.approx(1)
    assert (exact.row("spearman")["reason"], np.isnan(exact.row("spearman")["low"])) == ("exact", True)


# --- words and pictures ---------------------------------------------------------------------------------------


def test_sentences_and_titles_in_both_languages():
    fitted = fit(start=START, intercept=True)
    zh = fitted.in_language("zh")
    assert fitted.sentence().startswith("12 stores: RMSE ")
    assert "cross-validated" in fitted.sentence()
    assert "1 has weight 0" in fitted.sentence()
    assert fitted.estimate("i0").value == fitted.weights()["i0"]
    assert "自助抽样" in zh.estimate("i0").method
    assert zh.sentence().startswith("12 家门店：均方根误差样本内")
    assert "权重由 0.400 变为" in zh.sentence("i0")
    assert zh.agreement.title() == "与客户评价的接近程度：拟合前后"
    assert "起始权重" in zh.agreement.to_string()
    for each in (zh, zh.agreement):
        assert not any(mark in each.note() for mark in (", ", "; ", ". "))
        assert each.note().endswith("。")


def test_pictures_hold_every_store_and_every_weight():
    agreement = quadrants()
    for language, word in (("en", "customers' rating, 0 to 100"), ("zh", "客户评价（0–100）")):
        left, right = agreement.in_language(language).plot(new_axes()).child_axes
        marks = {c.get_label(): len(c.get_offsets()) for c in left.collections}
        assert marks == {"hidden": 1, "reverse": 1, "good": 1, "poor": 1, "between": 1}
        lines = {line.get_label(): line.get_ydata()[0] for line in right.lines}
        assert lines["bias"] == pytest.approx(agreement.row("bias")["value"])
        assert lines["limit_high"] == pytest.approx(agreement.row("limit_high")["value"])
        assert word in {text.get_text() for text in left.texts}
        assert "A" in {text.get_text() for text in left.texts}
    drawn = fit(start=START).plot(new_axes())
    starts = next(c for c in drawn.collections if c.get_label() == "start")
    np.testing.assert_allclose(np.asarray(starts.get_offsets())[:, 0], START)


@pytest.mark.parametrize(
    ("language", "heading", "said"),
    [
        ("en", "95% CI", "which is kept, so that there is no interval"),
        ("zh", "95% 置信区间", "保留的起始权重，故无区间"),
    ],
)
def test_a_picture_of_weights_that_are_kept_claims_no_interval(language, heading, said):
    kept = fit(*noise(1), shrink="auto", intercept=True).in_language(language)
    assert kept.frame["low"].isna().all()
    drawn = kept.plot(new_axes())
    texts = [text.get_text() for text in drawn.texts]
    assert heading not in texts
    assert any(
        said in "".join(text.split("\n")).replace("  ", " ") or said in text.replace("\n", " ") for text in texts
    )
    assert "start" not in {each.get_label() for each in drawn.collections}
    assert not any("0.2" in text.get_text() for legend in [drawn.get_legend()] if legend for text in legend.get_texts())


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"start": [0.5, 0.3, 0.2, 0.1]}, r"sum to 1\.1"),
        ({"start": [0.5, 0.6, 0.1, -0.2]}, r"below 0, or missing: i3 -0\.2"),
        ({"start": {"i0": 0.5, "i1": 0.5}}, "none for i2, i3"),
        ({"start": [0.5, 0.5]}, "2 weights for 4 indicators"),
        ({"shrink": -1}, "shrink=-1 must be"),
        ({"shrink": "much"}, "shrink='much' must be"),
        ({"folds": 1}, "folds=1 must be a whole number of 2 or more"),
        ({"replicates": 10}, "replicates=10"),
        ({"level": 95}, "level=95"),
        ({"part": "item"}, "part='item' is not known"),
        ({"error": "some"}, "error='some' is not known"),
        ({"error": np.eye(3)}, "covariance matrix of the 4 indicators"),
        ({"error": -np.eye(4)}, "no negative variance"),
    ],
)
def test_options_that_cannot_be_used(options, match):
    with pytest.raises(SpecError, match=match):
        fit(**options)


def test_tables_that_cannot_be_used_name_every_cell():
    scores, ratings = frames()
    bad = ratings.assign(rating=[101.0, -1.0, *Y[2:]])
    with pytest.raises(DataError, match="it must lie between 0 and 100") as caught:
        fit_index_weights(scores, bad, seed=1)
    assert caught.value.cases["row"].tolist() == [2, 3]
    with pytest.raises(DataError, match="above 0"):
        fit_index_weights(scores, ratings.assign(n=[0, *N[1:]]), seed=1)
    with pytest.raises(DataError, match="listed twice"):
        fit_index_weights(scores, pd.concat([ratings, ratings.head(1)]), seed=1)
    with pytest.raises(DataError, match="1 outside 0 to 100, first i0 of 'S00'"):
        fit_index_weights(scores.replace({"i0": {72.0: 172.0}}), ratings, seed=1)
    with pytest.raises(SpecError, match="these are none: town"):
        fit_index_weights(scores.assign(town="x"), ratings, seed=1)
    with pytest.raises(DataError, match="never scored: i1"):
        fit_index_weights(scores.assign(i1=np.nan), ratings, seed=1)
    with pytest.raises(DataError, match="nothing to fit"):
        fit_index_weights(scores * 0 + 50, ratings, seed=1)
    with pytest.raises(TypeError, match="seed"):
        fit_index_weights(scores, ratings)


@pytest.mark.parametrize(("low", "high"), [(1, 7), (1, 5), (0, 10), (0, 1)])
def test_ratings_on_another_scale_than_0_to_100_are_refused(low, high):
    """One and the same ratings, as they were asked and on 0 to 100."""
    scores, right = frames()
    asked = right.assign(rating=low + (high - low) * right["rating"] / 100)
    seen = pd.DataFrame({"store": right["store"], "score": scores.mean(axis=1).to_numpy()})
    for wrong in (lambda: compare_store_scores(seen, asked), lambda: fit_index_weights(scores, asked, seed=1)):
        with pytest.raises(
            DataError, match=r"the ratings all lie from .* read as 0 to 100\. Give 100 \(x − low\)"
        ) as caught:
            wrong()
        assert len(caught.value.cases) == len(asked)
    back = asked.assign(rating=100 * (asked["rating"] - low) / (high - low))
    assert len(compare_store_scores(seen, back).stores) == len(right)
    with pytest.raises(DataError, match="the inspection's scores all lie from"):
        compare_store_scores(seen.assign(score=seen["score"] / 100), right)
    with pytest.raises(DataError, match="the scores all lie from"):
        fit_index_weights(scores / 100, right, seed=1)


def test_stores_of_one_side_are_listed_and_too_few_are_refused():
    scores, ratings = frames()
    other = ratings.replace({"store": {"S03": "Z"}})
    fitted = fit_index_weights(scores, other, seed=1, replicates=50, shrink=0)
    assert fitted.unmatched["store"].tolist() == ["S03", "Z"]
    assert "2 stores left out, since one side lacks them (S03, Z)" in fitted.note()
    gap = scores.copy()
    gap.loc["S05", ["i0", "i1", "i2"]] = np.nan
    fitted = fit_index_weights(gap, ratings, seed=1, replicates=50, shrink=0)
    assert fitted.unmatched.to_dict("list") == {
        "store": ["S05"],
        "problem": ["less than half of the weight was scored"],
    }
    with pytest.raises(DataError, match="4 stores have both") as caught:
        fit_index_weights(scores.head(4), ratings, seed=1)
    assert len(caught.value.cases) == 8
    with pytest.raises(DataError, match="2 stores have both an inspection and ratings"):
        compare_store_scores(
            pd.DataFrame({"store": [*"ABX"], "score": 70}), pd.DataFrame({"store": [*"ABY"], "rating": 70})
        )


def test_lines_that_cross_are_refused():
    seen = pd.DataFrame({"store": [*"ABC"], "score": [90, 80, 70]})
    told = seen.rename(columns={"score": "rating"})
    with pytest.raises(SpecError, match="green line must lie at or above"):
        compare_store_scores(seen, told, green=60, red=80)
    with pytest.raises(SpecError, match="customers=50, 70"):
        compare_store_scores(seen, told, customers=(50, 70))


def test_small_pieces():
    assert effective_number(np.full(5, 0.2)) == pytest.approx(5)
    assert check_weights(pd.Series({"b": 0.25, "a": 0.75}), ["a", "b"]).tolist() == [0.75, 0.25]
    assert match_stores([1, 2], ["2", "3"], ("a", "b"))[2]["store"].tolist() == [1, "3"]
    stores = StoreIndicators(("A", "B"), ("x",), np.array([[1.0], [2.0]]), np.zeros(2), np.ones(2), np.ones((2, 1, 1)))
    assert not stores.knows_error
    assert FitPlan.of(stores, np.ones(1), False, False).total == 1
