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

from servqual.inference import Sums, t_interval

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


def adjusted_share(share: Any, n: Any, predictors: Any) -> Any:
    """R² less what that many predictors explain by chance: ``1 − (1 − R²)(n − 1)/(n − k − 1)``.

    >>> round(adjusted_share(0.41, 194, 6), 3)
    0.391
    """
    return 1 - (1 - share) * (n - 1) / (n - predictors - 1)
