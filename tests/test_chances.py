"""Chances of quadrants and ranks: against plain integration, against closed forms, and against truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.chances import WHOLE, Tally, near_ties, some, study, truth
from servqual.priorities.chances import (
    joint_draws,
    quadrant_chances,
    quadrants_of,
    rank_chances,
    steadied,
)
from servqual.simulate import rounded_mean


def random_case(seed: int, k: int = 6, size: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(200, 2 * k)) + 0.7 * rng.normal(size=(200, 1))
    return rng.normal([6, 5], [0.2, 0.3], (k, 2)), np.cov(rows.T) * size**2


def mean_cut(points: np.ndarray) -> np.ndarray:
    return points.mean(axis=-2)


# --- the model against plain integration -------------------------------------------------------------------


def integrated(value: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and standard deviations by a sum over a dense grid of τ1, τ2, ρ, each with textbook formulas."""
    k, y = len(value), value.T.ravel()
    sides, eye = np.repeat(np.eye(2), k, axis=0), np.eye(k)
    taus, rhos = (np.arange(30) + 0.5) / 30 * 1.2, (np.arange(15) + 0.5) / 15 * 2 - 1
    a, b, rho = (part.ravel() for part in np.meshgrid(taus, taus, rhos))
    pair = np.array([[a * a, rho * a * b], [rho * a * b, b * b]]).transpose(2, 0, 1)
    between = np.einsum("jab,kl->jakbl", pair, eye).reshape(-1, 2 * k, 2 * k)
    inverse = np.linalg.inv(error + between)
    around = np.linalg.inv(sides.T @ inverse @ sides)
    centre = (around @ (sides.T @ inverse @ y)[..., None])[..., 0]
    rest = y - centre @ sides.T
    weight = (
        np.linalg.slogdet(inverse)[1] / 2
        + np.linalg.slogdet(around)[1] / 2
        - np.einsum("ja,jab,jb->j", rest, inverse, rest) / 2
    )
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    shrink = between @ inverse
    means = centre @ sides.T + np.einsum("jab,jb->ja", shrink, rest)
    left = sides - shrink @ sides
    spread = between - shrink @ between + left @ around @ left.transpose(0, 2, 1)
    mean = weight @ means
    variance = weight @ (np.diagonal(spread, axis1=1, axis2=2) + means**2) - mean**2
    return mean.reshape(2, k).T, np.sqrt(variance).reshape(2, k).T


def test_draws_have_the_means_and_spreads_of_a_plain_integration():
    value, _ = random_case(3, k=7)
    error = np.diag(np.concatenate([np.linspace(0.08, 0.25, 7) ** 2, np.linspace(0.3, 0.1, 7) ** 2]))
    mean, sd = integrated(value, steadied(error, 1e6))
    drawn = np.concatenate([joint_draws(value, error, 1e6, 4_000, seed=seed) for seed in range(12)])
    assert np.abs(drawn.mean(axis=0) - mean).max() < 0.01  # an error of 0.08 to 0.3 each
    assert np.abs(drawn.std(axis=0) / sd - 1).max() < 0.03


def test_numbers_given_without_error_stay_what_they_are():
    value, error = random_case(5)
    error[:6], error[:, :6] = 0, 0
    drawn = joint_draws(value, error, 50, 300, seed=0)
    assert np.abs(drawn[..., 0] - value[:, 0]).max() < 1e-9
    assert drawn[..., 1].std(axis=0).min() > 0.02


def test_the_more_an_estimate_errs_the_more_it_is_pulled():
    value = np.column_stack([np.linspace(5, 6, 8), np.linspace(4, 5, 8)[::-1]])
    for size in (0.02, 0.3, 1.0):
        drawn = joint_draws(value, np.eye(16) * size**2, 200, 2000, seed=0).mean(axis=0)
        spread = np.ptp(drawn, axis=0) / np.ptp(value, axis=0)
        assert (spread < 1.01).all()
        assert (spread > 0.95).all() if size == 0.02 else (spread < {0.3: 0.95, 1.0: 0.5}[size]).all()


def test_few_items_are_not_pulled_and_follow_t():
    value, df = np.array([[5.0, 4.0], [5.4, 4.2]]), 9.0
    drawn = joint_draws(value, np.eye(4) * 0.04, df, 40_000, seed=2)
    beyond = stats.t.sf(0.4 / np.sqrt(0.08), df)  # difference of two independent estimates
    assert (drawn[:, 0, 0] > drawn[:, 1, 0]).mean() == pytest.approx(beyond, abs=0.006)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_and_origins_do_not_matter(seed: int, unit: float, shift: float):
    value, error = random_case(seed, k=5)
    plain = joint_draws(value, error, 60, 200, seed=1)
    other = joint_draws(value * unit + shift, error * unit**2, 60, 200, seed=1)
    assert np.allclose(other, plain * unit + shift, rtol=1e-6, atol=1e-6 * unit)


def test_the_same_seed_gives_the_same_bytes():
    value, error = random_case(8)
    one, two, other = (joint_draws(value, error, 40, 300, seed=seed) for seed in (4, 4, 5))
    assert one.tobytes() == two.tobytes() != other.tobytes()


# --- steadied correlations ---------------------------------------------------------------------------------


def test_steadied_keeps_variances_and_is_never_indefinite():
    rng = np.random.default_rng(2)
    for units in (8, 20, 500):
        rows = rng.normal(size=(units, 24)) + rng.normal(size=(units, 1))
        error = np.cov(rows.T)
        found = steadied(error, units - 1)
        assert np.allclose(np.diag(found), np.diag(error))
        assert np.linalg.eigvalsh(found)[0] > -1e-12
    assert np.abs(steadied(error, 1e12) - error).max() < 1e-6


def test_the_target_is_the_average_over_all_orders_of_the_items():
    rng, k = np.random.default_rng(4), 4
    r = np.corrcoef(rng.normal(size=(9, 2 * k)).T)
    orders = [rng.permutation(k) for _ in range(8_000)]
    average = np.mean([r[np.ix_([*o, *(k + o)], [*o, *(k + o)])] for o in orders], axis=0)
    assert np.abs(steadied(r, 1.0) - average).max() < 0.03  # one degree of freedom: nothing but the target


def test_steadied_correlations_are_nearer_to_the_truth_with_few_clusters():
    rng, k = np.random.default_rng(6), 10
    root = np.linalg.cholesky(0.5 * np.eye(2 * k) + 0.5)
    true = root @ root.T
    raw, better = [], []
    for _ in range(50):
        error = np.cov((rng.normal(size=(16, 2 * k)) @ root.T).T)
        raw.append(((error - true) ** 2).sum())
        better.append(((steadied(error, 15) - true) ** 2).sum())
    assert np.mean(better) < 0.8 * np.mean(raw)


# --- from draws to chances ---------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_chances_add_up(seed: int, k: int):
    drawn = np.random.default_rng(seed).normal(size=(150, k, 2))
    assert np.allclose(quadrant_chances(drawn, mean_cut).sum(axis=1), 1)
    ranks = rank_chances(drawn[..., 0])
    assert np.allclose(ranks.sum(axis=0), 1)
    assert np.allclose(ranks.sum(axis=1), 1)


def test_quadrants_under_the_diagonal():
    points = np.array([[6, 5.9], [6, 6.5], [4, 4.5], [4, 6.2], [5.5, 5.6]])
    assert quadrants_of(points, np.array([5.1, 5.74]), True).tolist() == [0, 1, 2, 3, 1]


def test_rank_chances_of_two_normal_values():
    drawn = np.random.default_rng(1).normal([0.0, 0.5], 1.0, (60_000, 2))
    assert rank_chances(drawn)[1, 0] == pytest.approx(stats.norm.cdf(0.5 / np.sqrt(2)), abs=0.006)


# --- against truths ----------------------------------------------------------------------------------------


def test_the_simulated_truth_is_the_mean_of_many_answers():
    rng = np.random.default_rng(1)
    levels = near_ties(rng)
    many = np.mean([study(levels, rng).drop(columns="store").mean().to_numpy() for _ in range(100)], axis=0)
    assert np.abs(many.reshape(2, -1).T - rounded_mean(levels, WHOLE)).max() < 0.04


def test_a_tally_counts_statements_and_what_came_true():
    tally = Tally.of(np.array([0.8, 0.76, 0.5, 1.0]), np.array([True, False, True, True]))
    assert tally.gate == (2, 0.5)
    assert tally.counts.sum(axis=0).tolist() == pytest.approx([4, 3, 3.06])
    placed, ranks = truth(near_ties(np.random.default_rng(2)))
    assert placed.sum() == 22
    assert ranks.sum(axis=0).tolist() == [1, 1, 1, 3]


def test_a_small_rerun_of_the_benchmark_keeps_its_gate():
    found = some("near ties", 0, 25)
    n, share = found["quadrants"].gate
    assert n > 40
    assert 0.72 - 3 * 0.04 < share < min(0.88 + 3 * 0.03, 0.99)
    sums = {way: tally.counts for way, tally in found.items()}
    sure = {way: counts[-2:, 1].sum() / counts[-2:, 0].sum() for way, counts in sums.items()}
    said = {way: counts[-2:, 2].sum() / counts[-2:, 0].sum() for way, counts in sums.items()}
    assert abs(said["quadrants"] - sure["quadrants"]) < abs(said["quadrants, raw"] - sure["quadrants, raw"])
