"""What share of an answer do others explain? R², correlations and free weights as functions of weighted sums.

Each is a statistic for :func:`servqual.estimate`, which gives it its error under any sample design; none of them sees a
respondent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.inference import Sums, t_interval, t_quantile

Array = NDArray[Any]
_SMALL = 1e-9  # how near to -1 or 1 a correlation counts as complete


def solve_definite(matrix: Array, right: Array) -> Array:
    """(..., k) solution of ``matrix x = right`` for many positive definite matrices, real or complex, at once.

    Elimination without pivots: a complex step passes through it, and a replicate without variation yields nan instead of
    an error that would stop all others.

    >>> solve_definite(np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([3.0, 5.0])).round(9).tolist()
    [0.8, 1.4]
    """
    work = np.concatenate([matrix, right[..., None]], axis=-1)
    for j in range(matrix.shape[-1]):
        pivot = work[..., j, :] / work[..., j, j, None]
        column = work[..., :, j].copy()
        work = work - column[..., :, None] * pivot[..., None, :]
        work[..., j, :] = pivot
    return np.asarray(work[..., -1])


def regress(sums: Sums, outcome: str, predictors: Sequence[str]) -> tuple[Array, Array]:
    """(..., k) least-squares weights of the predictors and (...,) the share of variance they explain, from sums."""
    between = np.stack([np.stack([sums.covariance(a, b) for b in predictors], axis=-1) for a in predictors], axis=-2)
    shared = np.stack([sums.covariance(a, outcome) for a in predictors], axis=-1)
    weights = solve_definite(between, shared)
    return weights, (weights * shared).sum(axis=-1) / sums.covariance(outcome, outcome)


@dataclass(frozen=True)
class Explained:
    """R² of regressions of one outcome, and for some pairs how much more the first explains than the second.

    A statistic for :func:`servqual.estimate`; ``models`` are tuples of predictors, ``pairs`` their positions.

    >>> import pandas as pd
    >>> from servqual import estimate
    >>> frame = pd.DataFrame({"y": [1, 2, 4, 3, 5], "a": [1, 2, 3, 4, 5], "b": [1, 3, 2, 5, 4]})
    >>> table = estimate(frame, Explained("y", (("a",), ("b",)), ((0, 1),))).to_frame()
    >>> [round(float(value), 2) for value in table["estimate"]]
    [0.81, 0.25, 0.56]
    """

    outcome: str
    models: tuple[tuple[str, ...], ...]
    pairs: tuple[tuple[int, int], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.outcome, *dict.fromkeys(name for model in self.models for name in model))

    @property
    def names(self) -> tuple[str, ...]:
        return (*(f"R² {k}" for k in range(len(self.models))), *(f"R² {i} − R² {j}" for i, j in self.pairs))

    def __call__(self, sums: Sums) -> Array:
        shares = [regress(sums, self.outcome, model)[1] for model in self.models]
        return np.stack([*shares, *(shares[i] - shares[j] for i, j in self.pairs)], axis=-1)


@dataclass(frozen=True)
class Correlation:
    """Pearson's correlation of one column with each of the others: a statistic for :func:`servqual.estimate`.

    >>> import pandas as pd
    >>> from servqual import estimate
    >>> frame = pd.DataFrame({"y": [1, 2, 4, 3, 5], "x": [5, 4, 3, 2, 1]})
    >>> round(float(estimate(frame, Correlation("y", ("x",))).to_frame().loc[0, "estimate"]), 2)
    -0.9
    """

    column: str
    others: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *self.others)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"r({self.column}, {other})" for other in self.others)

    def __call__(self, sums: Sums) -> Array:
        own = sums.covariance(self.column, self.column)
        values = [
            sums.covariance(self.column, other) / np.sqrt(own * sums.covariance(other, other)) for other in self.others
        ]
        return np.stack(values, axis=-1)


@dataclass(frozen=True)
class FreeWeights:
    """Weights of perception and expectation in a free regression, their sum, and R² free and forced to P − E."""

    outcome: str
    perception: str
    expectation: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.outcome, self.perception, self.expectation)

    @property
    def names(self) -> tuple[str, ...]:
        return ("perception", "expectation", "sum", "R² free", "R² gap")

    def __call__(self, sums: Sums) -> Array:
        y, p, e = self.columns
        weights, free = regress(sums, y, (p, e))
        shared = sums.covariance(y, p) - sums.covariance(y, e)
        spread = sums.covariance(p, p) + sums.covariance(e, e) - 2 * sums.covariance(p, e)
        forced = shared**2 / (spread * sums.covariance(y, y))
        return np.stack([weights[..., 0], weights[..., 1], weights.sum(axis=-1), free, forced], axis=-1)


def correlation_interval(r: Array, se: Array, df: Array, level: float) -> tuple[Array, Array]:
    """Bounds of a correlation by Fisher's z: ``tanh(atanh r ∓ t se / (1 − r²))``, between −1 and 1; nan at ±1.

    >>> [round(float(bound), 3) for bound in correlation_interval(np.array(0.5), np.array(0.075), np.array(99.0), 0.95)]
    [0.337, 0.634]
    """
    open_ = np.abs(r) < 1 - _SMALL
    inner = np.where(open_, r, 0.0)
    low, high = t_interval(np.arctanh(inner), se / (1 - inner**2), df, level)
    return np.where(open_, np.tanh(low), np.nan), np.where(open_, np.tanh(high), np.nan)


def squared_interval(low: float, high: float) -> tuple[float, float]:
    """Bounds of R² with one predictor from those of its r: their squares, from 0 where r may be 0.

    It begins at 0 exactly where the interval of r holds 0.

    >>> [round(bound, 4) for bound in squared_interval(-0.1, 0.3)]
    [0.0, 0.09]
    >>> [round(bound, 4) for bound in squared_interval(-0.5, -0.2)]
    [0.04, 0.25]
    """
    outer = max(low**2, high**2)
    return (0.0 if low <= 0 <= high else min(low**2, high**2)), outer


def share_below(share: float, truth: float, n: float, predictors: int) -> float:
    """Probability that R² of a sample of n falls below ``share`` where the population's is ``truth``, in normal data.

    ``Σ_j NB(j) I(k/2 + j, (n − k − 1)/2)(share)``: with j from a negative binomial of size (n − 1)/2 and probability
    1 − truth, R² is a beta variable. Where nothing is explained this is the F test of the regression.

    References
    ----------
    Fisher (1928), Proceedings of the Royal Society A 121, 654-673; the sum is that of Gurland
    (1968), Journal of the Royal Statistical Society B 30, 276-283. Checked against a noncentral F integrated over its
    noncentrality and against drawn samples (tests/test_criterion.py).

    >>> round(share_below(0.2, 0.0, 30, 3), 4)  # F(3, 26) = 2.17
    0.8839
    >>> round(share_below(0.2, 0.2, 30, 3), 4)  # R² comes out high: less than half lie below the truth
    0.3129
    """
    from scipy.special import betainc, gammaln, xlogy

    size = (n - 1) / 2
    mean = size * truth / (1 - truth)
    far = 12 * np.sqrt(mean / (1 - truth)) + 40
    j = np.arange(max(0, int(mean - far)), int(mean + far) + 1)
    chance = np.exp(gammaln(size + j) - gammaln(size) - gammaln(j + 1) + size * np.log1p(-truth) + xlogy(j, truth))
    return float(chance @ betainc(predictors / 2 + j, (n - predictors - 1) / 2, share))


def share_interval(share: float, se: float, df: float, n: int, predictors: int, level: float) -> tuple[float, float]:
    """Interval of the population's R² of several predictors, from 0 on; nan where the error leaves too little to go by.

    Parameters
    ----------
    share, se, df : R² of the sample, its linearised (or replicated) error and degrees of freedom
    n : respondents
    predictors : how many, k

    Notes
    -----
    R² of a sample is never 0 and comes out high: where k predictors explain nothing, it is k/(n − 1) on average. Hence a
    normal interval about it, or quantiles of replicates, may miss the truth on one side always. Here the bounds are
    those values of the population's R² at which R² so large, or so small, has probability ``(1 − level)/2``
    (:func:`share_below`). The design enters by the number of independent respondents that would have the same error,
    ``m = 4 R² (1 − R²)² / (se t/z)²``, at most n. The lower bound is 0 exactly where the F test with m does not reject at
    ``(1 − level)/2``. The upper bound is raised to R² where that lies above it. No interval where m < k + 2, or at R² = 1.

    Simulated, 400 studies of each kind, nominal 95%, in brackets the normal interval it replaces. Five predictors, normal
    data, population R² 0, .083, .3, .6: n = 60: 98 (93), 95 (93), 97 (89), 96% (90); n = 300: 99 (99), 96 (96), 96 (93), 96%
    (94). 20 clusters of 10 with intraclass correlation .1, R² 0, .083, .3: 97 (96), 97 (97), 97% (95). Heavy tails (t with 5
    degrees of freedom), n = 100, R² .083, .3: 97 (93), 93% (87).

    >>> low, high = share_interval(0.2, 0.09, 59.0, 60, 5, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.341)
    """
    if not (np.isfinite(se) and df > 0 and share < 1 - _SMALL):
        return float("nan"), float("nan")
    half = float(t_quantile(np.array(df), level) / t_quantile(np.array(np.inf), level)) * se
    alike = min(n, 4 * share * (1 - share) ** 2 / half**2) if half > 0 else n
    if alike < predictors + 2:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    return _truth_at(share, 1 - tail, alike, predictors), max(share, _truth_at(share, tail, alike, predictors))


def _truth_at(share: float, probability: float, n: float, predictors: int) -> float:
    """The population's R² at which a sample's lies below ``share`` with this probability; 0 where there is none."""
    from scipy.optimize import brentq

    def over(truth: float) -> float:
        return share_below(share, truth, n, predictors) - probability

    if over(0.0) <= 0:
        return 0.0
    high = share
    while over(high) > 0:
        high = (1 + high) / 2
    return float(brentq(over, 0.0, high, xtol=1e-10))


def adjusted_share(share: Any, n: Any, predictors: Any) -> Any:
    """R² less what that many predictors explain by chance: ``1 − (1 − R²)(n − 1)/(n − k − 1)``.

    >>> round(adjusted_share(0.41, 194, 6), 3)
    0.391
    """
    return 1 - (1 - share) * (n - 1) / (n - predictors - 1)
