"""What are the loadings in units of standard deviations, and how sure are they? The delta method on the model's matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import Solution, basis_of, directions
from servqual.cfa.model import KINDS

Array = NDArray[Any]
_LOADING, _REGRESSION, _FACTOR = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Standardised:
    """One group's solution when items and factors have variance 1.

    Attributes
    ----------
    loadings (p, k), factors (k, k), regressions (k, k) : standardised; ``explained`` (p,) share of each item's variance
    d_loadings (p, k, q), d_factors (k, k, q), d_regressions (k, k, q), d_explained (p, q) : slopes by the free parameters
    """

    loadings: Array
    factors: Array
    regressions: Array
    explained: Array
    d_loadings: Array
    d_factors: Array
    d_regressions: Array
    d_explained: Array

    def errors(self, covariance: Array, what: str) -> Array:
        """Standard errors of one of the four, from the covariance of the parameters."""
        slopes = getattr(self, f"d_{what}")
        return np.asarray(np.sqrt(np.maximum(np.einsum("...a,ab,...b->...", slopes, covariance, slopes), 0.0)))


def standardise(solution: Solution, group: int = 0) -> Standardised:
    """The standardised solution of a group with its slopes.

    ``lambda_ij sqrt(c_jj / sigma_ii)``, ``c_jk / sqrt(c_jj c_kk)`` with C the covariance of the factors.
    """
    matrices, moved = solution.matrices[group], _moved(solution, group)
    item_sd = np.sqrt(matrices.covariance.diagonal())
    factor_sd = np.sqrt(np.abs(matrices.factors.diagonal()))
    rel_item = moved.item_variance / (2 * item_sd[:, None] ** 2)  # relative change of each standard deviation
    rel_factor = np.diagonal(moved.factors).T / (2 * factor_sd[:, None] ** 2)
    loadings = matrices.loadings * factor_sd / item_sd[:, None]
    d_loadings = moved.loadings * (factor_sd / item_sd[:, None])[:, :, None]
    d_loadings = d_loadings + loadings[:, :, None] * (rel_factor[None] - rel_item[:, None])
    factors = matrices.factors / np.outer(factor_sd, factor_sd)
    d_factors = moved.factors / np.outer(factor_sd, factor_sd)[:, :, None]
    d_factors = d_factors - factors[:, :, None] * (rel_factor[:, None] + rel_factor[None])
    ratio = factor_sd / factor_sd[:, None]
    regressions = matrices.regressions * ratio
    d_regressions = moved.regressions * ratio[:, :, None] + regressions[:, :, None] * (
        rel_factor[None] - rel_factor[:, None]
    )
    unique = matrices.residuals.diagonal() / item_sd**2
    d_unique = moved.residuals / item_sd[:, None] ** 2 - 2 * unique[:, None] * rel_item
    return Standardised(loadings, factors, regressions, 1 - unique, d_loadings, d_factors, d_regressions, -d_unique)


@dataclass(frozen=True, eq=False)
class _Moved:
    """How a group's numbers move with each free parameter (last axis)."""

    loadings: Array
    regressions: Array
    factors: Array
    residuals: Array  # (p, q) residual variances
    item_variance: Array  # (p, q)


def _moved(solution: Solution, group: int) -> _Moved:
    table, matrices, q = solution.table, solution.matrices[group], solution.table.n_free
    lines = np.flatnonzero((table.group == group) & (table.free >= 0))
    kind, row, column, free = table.kind[lines], table.row[lines], table.column[lines], table.free[lines]
    p, k = len(table.items), len(table.factors)
    left, right, half = directions(kind, row, column, p, k)
    basis = basis_of(matrices)
    variance = np.zeros((p, q))
    np.add.at(variance.T, free, (2 * half * basis[:, left] * basis[:, right]).T)
    inner = np.hstack([np.zeros((k, p)), matrices.reach, matrices.factors])
    u, v = inner[:, left] * half, inner[:, right]
    along = u[:, None] * v[None]
    factors = np.zeros((k, k, q))
    np.add.at(np.moveaxis(factors, 2, 0), free, np.moveaxis(along + along.transpose(1, 0, 2), 2, 0))
    loadings, regressions, residuals = np.zeros((p, k, q)), np.zeros((k, k, q)), np.zeros((p, q))
    for array, which in ((loadings, _LOADING), (regressions, _REGRESSION)):
        mine = kind == which
        array[row[mine], column[mine], free[mine]] = 1.0
    mine = (kind == KINDS.index("residual")) & (row == column)
    residuals[row[mine], free[mine]] = 1.0
    if table.ordered:
        return _Moved(loadings, regressions, factors, -variance, np.zeros_like(variance))
    return _Moved(loadings, regressions, factors, residuals, variance)
