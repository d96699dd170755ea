"""Chances of corners: against draws from the model, and whether stated chances come true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import helmert

from servqual.pulled_pairs import PulledPairs, _upper_right
from servqual.store_agreement import chance_of


def test_a_corner_is_that_of_scipys_normal():
    g = np.random.default_rng(1)
    for _ in range(20):
        a = g.normal(size=(2, 2))
        mean, covariance, cuts = g.normal(size=2), a @ a.T + 0.1 * np.eye(2), g.normal(size=2)
        expected = stats.multivariate_normal(-mean, covariance).cdf(-cuts)
        found = _upper_right(mean[None, None], covariance[None, None], cuts)[0, 0]
        assert found == pytest.approx(expected, abs=2e-5)


def test_chances_are_those_of_draws_from_the_model():
    """Importance sampling: spreads and correlation from their priors, weighted by the density of contrasts that the mean has
    no part in; then the mean, then the truths."""
    g, k, n = np.random.default_rng(2), 8, 200_000
    truth = g.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], k)
    v = np.tile([0.4, 0.6], (k, 1))
    y = truth + g.normal(0, np.sqrt(v))
    scale = np.maximum(y.std(axis=0, ddof=1), np.sqrt(v[0]))
    most = 3 * scale * max((np.ptp(y, axis=0) / scale).max() / 2, 1)  # spreads that the grid knows
    tau, rho = g.uniform(0, most, (n, 2)), g.uniform(-1, 1, n)
    t = np.empty((n, 2, 2))
    t[:, 0, 0], t[:, 1, 1] = tau[:, 0] ** 2, tau[:, 1] ** 2
    t[:, 0, 1] = t[:, 1, 0] = rho * tau[:, 0] * tau[:, 1]
    whole = t + np.diag(v[0])
    inverse, contrasts = np.linalg.inv(whole), helmert(k) @ y
    log = -(k - 1) / 2 * np.linalg.slogdet(whole)[1]
    log -= np.einsum("ca,nab,cb->n", contrasts, inverse, contrasts) / 2
    w = np.exp(log - log.max())
    root = np.linalg.cholesky(whole / k)
    m = y.mean(axis=0) + np.einsum("nab,nb->na", root, g.normal(size=(n, 2)))
    pull = t @ inverse
    mean = m[:, None] + np.einsum("nab,nkb->nka", pull, y - m[:, None])
    root = np.linalg.cholesky((np.eye(2) - pull) @ t + 1e-12 * np.eye(2))
    drawn = mean + np.einsum("nab,nkb->nka", root, g.normal(size=(n, k, 2)))
    hits = w @ ((drawn[..., 0] >= 0.3) & (drawn[..., 1] < -0.2)) / w.sum()
    error = 0.5 / np.sqrt(w.sum() ** 2 / (w @ w))
    assert error < 0.005
    np.testing.assert_allclose(PulledPairs.of(y, v).corner((0.3, -0.2), (True, False)), hits, atol=4 * error)


@pytest.mark.parametrize("rho", [0.0, None])
def test_stated_chances_come_true(rho):
    """40 stores, 100 studies, none or any correlation: of the stores that look hidden, as many are as was stated."""
    g, studies, said, held = np.random.default_rng(3), 100, [], []
    v = np.tile([25.0, 36.0], (40, 1))
    for _ in range(studies):
        tie = g.uniform(-1, 1) if rho is None else rho
        truth = g.multivariate_normal([78, 75], 64 * np.array([[1, tie], [tie, 1]]), 40)
        seen = truth + g.normal(0, np.sqrt(v))
        shown = (seen[:, 0] >= 85) & (seen[:, 1] < 70)
        said += PulledPairs.of(seen, v).corner((85, 70), (True, False))[shown].tolist()
        held += ((truth[:, 0] >= 85) & (truth[:, 1] < 70))[shown].tolist()
    spread = np.std(np.subtract(held, said), ddof=1) / np.sqrt(len(said))
    assert len(said) > 50
    assert abs(np.mean(held) - np.mean(said)) < 3 * spread


def test_a_product_of_two_chances_says_too_much_where_the_sides_go_together():
    g = np.random.default_rng(4)
    truth = g.multivariate_normal([78, 75], 64 * np.array([[1, 0.8], [0.8, 1]]), 60)
    seen = truth + g.normal(0, [5, 6], (60, 2))
    seen[0] = 90, 64
    errors = np.tile([5.0, 6.0], (60, 1))
    both = PulledPairs.of(seen, errors**2).corner((85, 70), (True, False))[0]
    product = (
        chance_of(seen[:, 0], errors[:, 0], 85, above=True)[0] * chance_of(seen[:, 1], errors[:, 1], 70, above=False)[0]
    )
    assert both < 0.6 * product


def test_turning_the_sides_round_changes_nothing():
    g = np.random.default_rng(5)
    y, v = g.normal(70, 10, (12, 2)), g.uniform(5, 40, (12, 2))
    corners = [PulledPairs.of(y, v).corner((72, 68), (a, b)) for a in (True, False) for b in (True, False)]
    np.testing.assert_allclose(np.sum(corners, axis=0), 1, atol=1e-4)
    swapped = PulledPairs.of(y[:, ::-1], v[:, ::-1]).corner((68, 72), (False, True))
    np.testing.assert_allclose(swapped, corners[1], atol=1e-6)
