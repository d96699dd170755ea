"""Many fits of index weights at once: each is what it would be alone, and a store taken twice is two stores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from servqual.index_weights import FitPlan, StoreIndicators, simplex_weights


def programmes(seed, b, k):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(b, k + 2, k))
    return a.transpose(0, 2, 1) @ a, rng.normal(size=(b, k)), rng


def seen(rng, stores, k, gaps=0):
    """Stores with repeated visits; in the first ones an indicator never applied."""
    x = rng.uniform(40, 100, (stores, k))
    x[:gaps, 0] = np.nan
    within = rng.normal(size=(stores, 5, k))
    df = np.broadcast_to(rng.integers(0, 3, (stores, 1, 1)) + 1.0, (stores, k, k))
    found = StoreIndicators(
        tuple(range(stores)), tuple(range(k)), x, rng.uniform(40, 100, stores), rng.integers(1, 20, stores).astype(float),
        1 / rng.integers(1, 5, (stores, 1, 1)) * np.ones((k, k)), within.transpose(0, 2, 1) @ within, df,
    )  # fmt: skip
    return found.filled(np.full(k, 1 / k))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), b=st.integers(2, 12), k=st.integers(1, 9), begun=st.booleans())
def test_programmes_side_by_side_are_those_one_by_one(seed, b, k, begun):
    gram, right, rng = programmes(seed, b, k)
    first = rng.dirichlet(np.ones(k), b) if begun else None
    together = simplex_weights(gram, right, total=0.8, first=first)
    alone = [simplex_weights(gram[j], right[j], total=0.8) for j in range(b)]
    np.testing.assert_allclose(together, alone, atol=1e-9)
    assert ((together == 0) == (np.array(alone) == 0)).all()


def test_programmes_side_by_side_are_those_of_slsqp():
    gram, right, _ = programmes(3, 6, 4)
    for w, g, r in zip(simplex_weights(gram, right), gram, right, strict=True):
        found = minimize(
            lambda w, g=g, r=r: w @ g @ w - 2 * r @ w, np.full(4, 0.25), method="SLSQP", bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14, "maxiter": 500},
        )  # fmt: skip
        np.testing.assert_allclose(w, found.x, atol=1e-5)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("gaps", [0, 3])
def test_a_store_taken_twice_counts_as_two_stores(intercept, corrected, gaps):
    rng = np.random.default_rng(gaps)
    stores, k = seen(rng, 12, 4, gaps), 4
    plan = FitPlan.of(stores, np.full(k, 1 / k), intercept, corrected)
    drawn = rng.integers(0, 12, (20, 12))
    taken = np.array([np.bincount(each, minlength=12) for each in drawn])
    gram, applied = plan.objective(stores, taken)
    for own, share, rows in zip(gram, applied, drawn, strict=True):
        again, also = plan.objective(stores.rows(rows), np.ones((1, 12)))
        np.testing.assert_allclose(own, again[0], rtol=1e-9, atol=1e-9)
        assert share == pytest.approx(also[0], abs=1e-9)


@pytest.mark.parametrize("intercept", [False, True])
def test_the_objective_is_the_mean_squared_error(intercept):
    rng = np.random.default_rng(1)
    stores = seen(rng, 15, 5)
    plan = FitPlan.of(stores, np.full(5, 0.2), intercept, False)
    some = np.arange(15) < 9
    gram = plan.objective(stores, some[None])[0][0]
    for w in rng.dirichlet(np.ones(5), 10):
        n, left = stores.n[some], (stores.y - stores.x @ w)[some]
        left = left - n @ left / n.sum() if intercept else left
        assert w @ gram @ w == pytest.approx(n @ left**2 / n.sum())
        assert (stores.y - plan.scores(stores, w[None], some[None])[0])[some] == pytest.approx(left)


@pytest.mark.parametrize("gaps", [0, 3])
def test_errors_of_scores_and_their_sums_are_those_of_the_stores(gaps):
    rng = np.random.default_rng(7)
    stores, every = seen(rng, 8, 3, gaps), np.ones((1, 8))
    w, counted = rng.dirichlet(np.ones(3), 1), rng.random((1, 8))
    of_visit = stores.squares.sum(axis=0) / stores.df.sum(axis=0)
    known = [np.eye(3) if stores.fill is None else fill for fill in (stores.fill if gaps else [None] * 8)]
    known = [np.eye(3) if each is None else each for each in known]
    errors = [fill @ (ratio * of_visit) @ fill.T for fill, ratio in zip(known, stores.ratio, strict=True)]
    np.testing.assert_allclose(stores.errors, errors)
    np.testing.assert_allclose(stores.error_of_score(w, stores.of_visit(every))[0], [w[0] @ e @ w[0] for e in errors])
    np.testing.assert_allclose(
        stores.error_sums(counted, stores.of_visit(every))[0], np.tensordot(counted[0], errors, axes=1)
    )


def test_where_no_pull_moves_anything_the_start_weights_are_kept():
    """One indicator that varies has the whole of the free weight, whatever the pull: the largest pull is chosen, not one by rounding."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        stores = seen(rng, 12, 2)
        stores.x[:, 0] = 70.0
        plan = FitPlan.of(stores, np.full(2, 0.5), bool(seed % 2), True)
        every = np.ones((1, 12), dtype=bool)
        chosen = plan.cross_validated(stores, every, 4, np.random.default_rng(seed), errors=0.0, repeats=2)[0]
        assert np.isinf(chosen).all()
