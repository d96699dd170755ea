"""And if answers are ordered categories? Diagonally weighted least squares on polychoric correlations (WLSMV).

Thresholds are as many as there are margins and are left as they are; the model explains the correlations r of what lies
behind the answers. With Gamma their asymptotic covariance and ``W = diag(Gamma)^-1``, ``F = (r - sigma)' W (r - sigma)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import Matrices, Sample, Solution, basis_of, damped_inverse, directions, fill
from servqual.cfa.model import KINDS, Kind, ParameterTable

Array = NDArray[Any]
Candidate = tuple[Kind, int, int]

_SINGULAR = 1e-9
_STEPS, _HALVINGS, _CONVERGED = 300, 30, 1e-13


@dataclass(frozen=True, eq=False)
class Ordered:
    """What Gamma says of a least-squares solution.

    Attributes
    ----------
    covariance : (q, q) of the estimates, from the sandwich
    scaling, shift : ``chi2 = n F / scaling + shift`` has the model's degrees of freedom and their variance
    baseline, baseline_scaling, baseline_shift : the same of the model in which items do not covary
    """

    covariance: Array
    scaling: float
    shift: float
    baseline: float
    baseline_scaling: float
    baseline_shift: float


@dataclass(frozen=True, eq=False)
class OrderedSolution(Solution):
    """A least-squares solution with the asymptotic covariance of the correlations that it was weighted by."""

    gamma: Array


def fit_dwls(table: ParameterTable, correlation: Array, n: float, gamma: Array, start: Array) -> OrderedSolution:
    """Diagonally weighted least squares by Gauss–Newton steps with step control.

    Parameters
    ----------
    table : one group, ``ordered``; n - 1 multiplies F and divides covariances, as in lavaan
    correlation : (p, p) polychoric correlations
    n : respondents
    gamma : (p (p-1) / 2,) or square asymptotic covariance (n times that of the estimates) of the correlations above the
        diagonal, row by row

    References
    ----------
    Muthén, du Toit and Spisic (1997), Robust inference using weighted least squares, unpublished technical report.
    """
    weight = 1 / (gamma if gamma.ndim == 1 else gamma.diagonal())
    above = np.triu_indices(len(table.items), 1)
    target = correlation[above]

    def off(theta: Array) -> tuple[Matrices, Array, float]:
        matrices = fill(table, theta)
        rest = target - matrices.covariance[above]
        return matrices, rest, float(weight @ rest**2)

    theta, (matrices, rest, value) = start, off(start)
    steps, converged = 0, False
    while steps < _STEPS:
        steps += 1
        slopes = correlation_slopes(table, matrices)
        information = slopes.T @ (weight[:, None] * slopes)
        downhill = slopes.T @ (weight * rest)
        step = damped_inverse(information) @ downhill
        if float(step @ downhill) < _CONVERGED:
            converged = True
            break
        moved = _shortened(off, theta, step, value)
        if moved is None:
            break
        theta, (matrices, rest, value) = moved
    slopes = correlation_slopes(table, matrices)
    information = (n - 1) * slopes.T @ (weight[:, None] * slopes)
    sample = Sample(correlation, n - 1)
    return OrderedSolution(table, (sample,), theta, (matrices,), information, (value,), steps, converged, gamma)


def _shortened(off: Any, theta: Array, step: Array, value: float) -> Any:
    """The longest of 1, ½, ¼, … steps that lowers the discrepancy; None where none does."""
    length = 1.0
    for _ in range(_HALVINGS):
        moved = off(theta + length * step)
        if moved[2] <= value * (1 + 1e-13):
            return theta + length * step, moved
        length /= 2
    return None


def correlation_slopes(table: ParameterTable, matrices: Matrices) -> Array:
    """(p (p-1) / 2, q) how the implied correlations move with each parameter."""
    lines = np.flatnonzero(table.free >= 0)
    slopes = slopes_of(matrices, table.kind[lines], table.row[lines], table.column[lines])
    out = np.zeros((len(slopes), table.n_free))
    np.add.at(out.T, table.free[lines], slopes.T)
    return out


def slopes_of(matrices: Matrices, kind: Array, row: Array, column: Array) -> Array:
    """(p (p-1) / 2, m) the same for single numbers of the model."""
    p, k = matrices.loadings.shape
    left, right, half = directions(kind, row, column, p, k)
    basis = basis_of(matrices)
    i, j = np.triu_indices(p, 1)
    u, v = basis[:, left], basis[:, right] * half
    return np.asarray(u[i] * v[j] + u[j] * v[i])


def robust_dwls(solution: Solution, gamma: Array) -> Ordered:
    """Standard errors, and the chi-square scaled and shifted to the right mean and variance.

    ``U = W - W D (D' W D)^-1 D' W``, ``a = sqrt(df / tr((U Gamma)^2))``, ``chi2 = a n F + df - a tr(U Gamma)``.

    References
    ----------
    Asparouhov and Muthén (2010), Simple second order chi-square correction, Mplus technical appendix. Satorra and Bentler
    (1994) in von Eye and Clogg (eds.), Latent Variables Analysis, 399-419.
    """
    weight = 1 / gamma.diagonal()
    slopes = correlation_slopes(solution.table, solution.matrices[0])
    weighted = weight[:, None] * slopes
    bread = solution.covariance * solution.n
    left = np.diag(weight) - weighted @ bread @ weighted.T
    rest = solution.samples[0].covariance[np.triu_indices(len(solution.table.items), 1)]
    scaling, shift = _scaled_and_shifted(left @ gamma, solution.df)
    base_scaling, base_shift = _scaled_and_shifted(weight[:, None] * gamma, len(weight))
    covariance = bread @ (weighted.T @ gamma @ weighted) @ bread / solution.n
    return Ordered(covariance, scaling, shift, float(solution.n * (weight @ rest**2)), base_scaling, base_shift)


def ordered_score_test(solution: OrderedSolution, lines: Sequence[Candidate]) -> tuple[Array, Array]:
    """(c,) generalised score test of each number that the model fixes, and the value it would take.

    With D the slopes of the free numbers, d that of the candidate, r - sigma what is left over and
    ``e = d - D (D' W D)^-1 D' W d``: ``n (d' W (r - sigma))^2 / (e' W Gamma W e)``, chi-square with 1 degree of freedom where the
    number is 0 in truth. The change is ``d' W (r - sigma) / (d' W e)``.

    References
    ----------
    Satorra (1989), Psychometrika 54, 131-151, doi:10.1007/BF02294453.
    """
    table, matrices, gamma = solution.table, solution.matrices[0], solution.gamma
    weight = 1 / gamma.diagonal()
    kind, row, column = (np.array(each) for each in zip(*lines, strict=True))
    own = slopes_of(matrices, np.array([KINDS.index(each) for each in kind]), row.astype(int), column.astype(int))
    free = correlation_slopes(table, matrices)
    above = np.triu_indices(len(table.items), 1)
    rest = solution.samples[0].covariance[above] - matrices.covariance[above]
    bread = solution.covariance * solution.n
    alone = own - free @ (bread @ (free.T @ (weight[:, None] * own)))
    weighted = weight[:, None] * alone
    slope, left = (weight * rest) @ own, np.sum(own * weighted, axis=0)
    spread = np.sum(weighted * (gamma @ weighted), axis=0)
    free_to_move = left > _SINGULAR * np.sum(own**2 * weight[:, None], axis=0)
    safe, wide = np.where(free_to_move, left, np.inf), np.where(free_to_move, spread, np.inf)
    return (solution.n + 1) * slope**2 / wide, slope / safe


def correlation_errors(slopes: Sequence[Array], gamma: Array, n: float) -> Array:
    """(f,) standard errors of functions of the correlations with ``d f = tr(D dR)``, from Gamma: ``g' Gamma g / n``, g = 2 D
    above the diagonal.
    """
    above = np.triu_indices(len(slopes[0]), 1) if slopes else ()
    own = np.array([2 * each[above] for each in slopes]).reshape(len(slopes), -1)
    return (
        np.asarray(np.sqrt(np.maximum(np.einsum("fa,ab,fb->f", own, gamma, own), 0.0) / n)) if slopes else np.zeros(0)
    )


def _scaled_and_shifted(product: Array, df: int) -> tuple[float, float]:
    if df <= 0:
        return 1.0, 0.0
    a = float(np.sqrt(df / np.sum(product * product.T)))
    return 1 / a, df - a * float(np.trace(product))
