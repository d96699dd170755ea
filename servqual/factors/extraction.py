"""What do the items share? Loadings and uniquenesses from a correlation matrix, before any rotation.

The model is ``R = L L' + U``: m factors that items load on, and what each item has for itself. Least squares and maximum
likelihood are both functions of the p uniquenesses alone, because the best loadings for given uniquenesses are known from
an eigendecomposition. So each is minimised by Newton's method over p numbers, with exact first and second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from servqual.moments import one_blas_thread
from survey_design.errors import DataError, SpecError, check_choice

Array = NDArray[Any]
Method = Literal["minres", "ml", "pa"]

LEAST_UNIQUE = 0.005  # the lower bound of a uniqueness, as in R's psych and stats
_ROUNDS = {"minres": 200, "ml": 200, "pa": 1000}
_TOLERANCE = {"minres": 1e-7, "ml": 1e-7, "pa": 1e-3}
_HALVINGS = 30
_DEFINITE = 1e-10


@dataclass(frozen=True, eq=False)
class Extraction:
    """Unrotated loadings with how they were found.

    Attributes
    ----------
    loadings : (p, m) factors by falling variance, each with a sum of loadings that is not negative
    uniquenesses : (p,) ``1 - sum of squared loadings``, so that the model's matrix has ones on its diagonal
    converged : whether the search ended at a minimum
    heywood : (p,) True where a uniqueness stopped at its bound or below it: an improper solution
    iterations : steps taken
    """

    loadings: Array
    uniquenesses: Array
    converged: bool
    heywood: Array
    iterations: int

    @property
    def communalities(self) -> Array:
        """(p,) share of each item's variance that the factors explain."""
        return 1.0 - self.uniquenesses


def extract(
    correlation: Array, factors: int, method: Method = "minres", *, tolerance: float | None = None,
    rounds: int | None = None,
) -> Extraction:  # fmt: skip
    """Loadings of m factors from a correlation matrix.

    Parameters
    ----------
    correlation : (p, p) correlation matrix
    factors : how many, m; at most ``p - 1``, and no more than leave the model testable (``df >= 0``)
    method : ``"minres"`` minimises the squared residual correlations; ``"ml"`` maximises the likelihood of normal
        answers; ``"pa"`` iterates principal axes from the squared multiple correlations
    tolerance : where the search ends: the largest slope for minres and ML; for principal axes the change of the sum of
        communalities, .001 as in R's psych. With a smaller one principal axes end at the minres solution.
    rounds : the most steps that are taken

    Returns
    -------
    Extraction

    Notes
    -----
    With eigenvalues t and eigenvectors w of ``R - U``, minres minimises half the sum of squares of the smallest ``p - m`` t
    (Harman and Jones 1966). With those of ``U^-1/2 R U^-1/2``, ML minimises the sum of ``t - log t - 1`` over the same
    (Joreskog 1967). Uniquenesses stay at .005 or more. Where one stops there the solution is improper (a Heywood case):
    too many factors, too few items on a factor, or too few answers.

    References
    ----------
    Harman and Jones (1966), Psychometrika 31, 351-368, doi:10.1007/BF02289468. Joreskog (1967), Psychometrika 32,
    443-482, doi:10.1007/BF02289658. Checked against R's psych 2.2.9 and ``factanal``, and against statsmodels
    (tests/test_factors.py).

    Examples
    --------
    >>> loadings = np.array([0.9, 0.8, 0.7, 0.6])
    >>> exact = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    >>> extract(exact, 1).loadings[:, 0].round(4).tolist()
    [0.9, 0.8, 0.7, 0.6]
    """
    check_choice("method", method, Method)
    correlation = check_correlation(correlation)
    check_factors(len(correlation), factors)
    rounds, tolerance = rounds or _ROUNDS[method], tolerance or _TOLERANCE[method]
    if method == "ml":
        check_definite(correlation, "maximum likelihood", "Use method='minres', or ask more people.")
    with one_blas_thread():
        if method == "pa":
            return _principal_axes(correlation, factors, tolerance, rounds)
        if method == "ml":
            start = np.log(_start(correlation, factors))
            at, done, steps = _newton(lambda x: _likelihood(correlation, x, factors), start, np.log(LEAST_UNIQUE),
                                      0.0, tolerance, rounds)  # fmt: skip
            return _found(_ml_loadings(correlation, np.exp(at), factors), np.exp(at), done, steps)
        at, done, steps = _newton(lambda x: _least_squares(correlation, x, factors), _start(correlation, factors),
                                  LEAST_UNIQUE, 1.0, tolerance, rounds)  # fmt: skip
        return _found(_leading(correlation - np.diag(at), factors), at, done, steps)


# --- what is refused ---------------------------------------------------------------------------------------


def check_correlation(correlation: Any) -> Array:
    """A correlation matrix as floats, or words on why it is none."""
    matrix = np.asarray(correlation, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise SpecError(f"a correlation matrix has as many rows as columns; this has shape {matrix.shape}.")
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise DataError(f"the correlation of items {row + 1} and {column + 1} is missing: nobody answered both, or one of "
                        "them does not vary. Leave such items out.")  # fmt: skip
    if np.abs(matrix - matrix.T).max(initial=0.0) > 1e-8 or np.abs(np.diagonal(matrix) - 1).max(initial=0.0) > 1e-8:
        raise SpecError(
            "a correlation matrix is symmetric with ones on its diagonal. Divide a covariance matrix by the SDs."
        )
    return matrix


def check_factors(items: int, factors: int) -> None:
    """Refuses a number of factors that so many items cannot carry."""
    if isinstance(factors, bool) or not isinstance(factors, (int, np.integer)) or factors < 1:
        raise SpecError(f"factors={factors!r} must be a whole number of 1 or more.")
    most = most_factors(items)
    if factors > most:
        raise SpecError(f"{factors} factors ask more of {items} items than their {items * (items - 1) // 2} correlations say: "
                        f"at most {most} can be found. Ask for fewer factors, or analyse more items.")  # fmt: skip


def check_definite(correlation: Array, what: str, instead: str) -> None:
    """Refuses a correlation matrix that is not positive definite."""
    least = float(np.linalg.eigvalsh(correlation)[0])
    if least < _DEFINITE:
        raise DataError(
            f"the correlation matrix is not positive definite (smallest eigenvalue {least:.2g}), which {what} needs: an "
            f"item repeats others, there are fewer people than items, or pairs rest on different people. {instead}"
        )


def degrees_of_freedom(items: int, factors: int) -> int:
    """Correlations minus free loadings: ``((p - m)^2 - p - m) / 2``.

    >>> degrees_of_freedom(22, 5)
    131
    """
    return ((items - factors) ** 2 - items - factors) // 2


def most_factors(items: int) -> int:
    """The most factors for which the degrees of freedom are not negative (Ledermann's bound).

    >>> most_factors(9), most_factors(6), most_factors(2)
    (5, 3, 0)
    """
    return max((m for m in range(items) if degrees_of_freedom(items, m) >= 0), default=0)


def discrepancy(correlation: Array, implied: Array) -> float:
    """How far a model's matrix is from the observed one: ``tr(S^-1 R) - log det(S^-1 R) - p``, 0 where they agree.

    The likelihood's measure, also used to judge loadings found in another way; nan where the model's matrix is not positive
    definite.

    >>> round(discrepancy(np.array([[1, 0.6], [0.6, 1]]), np.eye(2)), 4)
    0.4463
    """
    if np.linalg.eigvalsh(implied)[0] <= 0:
        return float("nan")
    ratio = np.linalg.solve(implied, correlation)
    sign, size = np.linalg.slogdet(ratio)
    return float(np.trace(ratio) - size - len(ratio)) if sign > 0 else float("nan")


def implied_by(loadings: Array, phi: Array | None = None) -> Array:
    """(p, p) the correlations that a model implies, ``L phi L'`` with ones on the diagonal."""
    out = loadings @ loadings.T if phi is None else loadings @ phi @ loadings.T
    np.fill_diagonal(out, 1.0)
    return np.asarray(out)


# --- the two criteria --------------------------------------------------------------------------------------


def squared_multiple_correlations(correlation: Array) -> Array:
    """(p,) what each item shares with all others, ``1 - 1 / diag(R^-1)``; with a singular R from its largest correlation.

    >>> squared_multiple_correlations(np.array([[1, 0.5], [0.5, 1]])).tolist()
    [0.25, 0.25]
    """
    if np.linalg.eigvalsh(correlation)[0] < _DEFINITE:
        return np.asarray(np.abs(correlation - np.eye(len(correlation))).max(axis=1))
    return np.asarray(1.0 - 1.0 / np.diagonal(np.linalg.inv(correlation)))


def _start(correlation: Array, factors: int) -> Array:
    """Joreskog's start: a little less unique than the squared multiple correlations say."""
    unique = (1 - 0.5 * factors / len(correlation)) * (1 - squared_multiple_correlations(correlation))
    return np.asarray(np.clip(unique, 2 * LEAST_UNIQUE, 1.0))


def _least_squares(correlation: Array, unique: Array, factors: int) -> tuple[float, Array, Array, Array]:
    """Half the sum of squared small eigenvalues of R - U, with slope, curvature, and a curvature that is never negative."""
    values, vectors = np.linalg.eigh(correlation - np.diag(unique))
    cut = len(values) - factors
    small, rest, large, lead = values[:cut], vectors[:, :cut], values[cut:], vectors[:, cut:]
    slope = -(rest**2) @ small
    sure = (rest @ rest.T) ** 2
    ratio = small[:, None] / np.minimum(small[:, None] - large[None, :], -1e-12)
    return 0.5 * float(small @ small), slope, sure + 2 * _crossed(rest, lead, ratio), sure


def _likelihood(correlation: Array, log_unique: Array, factors: int) -> tuple[float, Array, Array, Array]:
    """Minus twice the log likelihood per answer, less a constant, with its derivatives in the log uniquenesses."""
    scale = np.exp(-0.5 * log_unique)
    values, vectors = np.linalg.eigh(correlation * np.outer(scale, scale))
    cut = len(values) - factors
    small, rest, large, lead = np.maximum(values[:cut], _DEFINITE), vectors[:, :cut], values[cut:], vectors[:, cut:]
    slope = (rest**2) @ (1 - small)
    inner = rest @ rest.T
    ratio = (
        (1 - small)[:, None] * (large[None, :] + small[:, None]) / np.maximum(large[None, :] - small[:, None], 1e-12)
    )
    curvature = inner * ((rest * small) @ rest.T) + _crossed(rest, lead, ratio)
    return float((small - np.log(small) - 1).sum()), slope, curvature, inner**2


def _crossed(rest: Array, lead: Array, ratio: Array) -> Array:
    """(p, p) sum over a small and a large eigenvector of ``ratio * w_ij w_kj w_is w_ks``."""
    out = np.zeros((len(rest), len(rest)))
    for s in range(lead.shape[1]):
        out += np.outer(lead[:, s], lead[:, s]) * ((rest * ratio[:, s]) @ rest.T)
    return out


Criterion = Callable[[Array], tuple[float, Array, Array, Array]]


def _newton(
    criterion: Criterion, at: Array, low: float, high: float, tolerance: float, rounds: int
) -> tuple[Array, bool, int]:
    """The minimum between two bounds by Newton's method; a variable at a bound that pushes outward rests there."""
    value, slope, curvature, sure = criterion(at)
    for k in range(rounds):
        free = ~((at <= low) & (slope > 0) | (at >= high) & (slope < 0))
        if np.abs(slope[free]).max(initial=0.0) < tolerance:
            return at, True, k
        step = np.zeros(len(at))
        step[free] = _downhill(curvature[np.ix_(free, free)], sure[np.ix_(free, free)], slope[free])
        for half in range(_HALVINGS):
            new = np.clip(at + step / 2**half, low, high)
            trial = criterion(new)
            if trial[0] <= value + 1e-4 * float(slope @ (new - at)) + 1e-14 * abs(value):
                break
        else:
            return at, False, k
        at, (value, slope, curvature, sure) = new, trial
    return at, False, rounds


def _downhill(curvature: Array, sure: Array, slope: Array) -> Array:
    """Newton's step; where the curvature is not positive definite, the step of the part that never is negative."""
    for matrix in (curvature, sure + 1e-8 * np.eye(len(sure))):
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            continue
        return np.asarray(-np.linalg.solve(matrix, slope))
    return -slope


# --- loadings ----------------------------------------------------------------------------------------------


def _leading(matrix: Array, factors: int) -> Array:
    """(p, m) leading eigenvectors times the root of their eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors[:, ::-1][:, :factors] * np.sqrt(np.maximum(values[::-1][:factors], 0.0)))


def _ml_loadings(correlation: Array, unique: Array, factors: int) -> Array:
    """(p, m) the likeliest loadings for these uniquenesses."""
    scale = np.sqrt(unique)
    values, vectors = np.linalg.eigh(correlation / np.outer(scale, scale))
    root = np.sqrt(np.maximum(values[::-1][:factors] - 1, 0.0))
    return np.asarray(scale[:, None] * vectors[:, ::-1][:, :factors] * root)


def _principal_axes(correlation: Array, factors: int, tolerance: float, rounds: int) -> Extraction:
    """Communalities on the diagonal, leading eigenvectors, their communalities on the diagonal, and so on."""
    reduced, common = correlation.copy(), squared_multiple_correlations(correlation)
    for k in range(rounds):
        np.fill_diagonal(reduced, common)
        loadings = _leading(reduced, factors)
        new = (loadings**2).sum(axis=1)
        moved, common = abs(float(new.sum() - common.sum())), new
        if moved < tolerance:
            return _found(loadings, 1 - new, True, k + 1)
    return _found(loadings, 1 - common, False, rounds)


def _found(loadings: Array, searched: Array, converged: bool, steps: int) -> Extraction:
    order = np.argsort(-(loadings**2).sum(axis=0), kind="stable")
    loadings = loadings[:, order] * np.where(loadings[:, order].sum(axis=0) < 0, -1.0, 1.0)
    unique = 1.0 - (loadings**2).sum(axis=1)
    heywood = (searched <= LEAST_UNIQUE * (1 + 1e-9)) | (unique <= LEAST_UNIQUE * (1 + 1e-9))
    return Extraction(loadings, unique, converged, heywood, steps)
