"""Which values of a factor model's numbers are the most likely? Fisher scoring on covariance matrices, all groups at once.

Every number of the model changes the covariance matrix by a matrix of rank two, ``dSigma = u v' + v u'``. With
``W = Sigma^-1`` gradient and expected information need no more than the products of these vectors::

    gradient_a     = n (u_a' W (Sigma - T) W v_a  -  dmu_a' W d),            d = m - mu,  T = S + d d'
    information_ab = n ((u_a' W u_b)(v_a' W v_b) + (u_a' W v_b)(v_a' W u_b)  +  dmu_a' W dmu_b)

so that a step costs a few products of (items x parameters) matrices, and the respondents are not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.model import KINDS, ParameterTable
from servqual.moments import one_blas_thread

Array = NDArray[Any]

_STEPS = 300
_HALVINGS = 30
_CONVERGED = 1e-12  # what another step would still lower chi-square by, per respondent
_NEAR = 1e-2  # where the expected information is left alone and corrected
_REFRESH = 25
_DIFFERENCE = 1e-3  # of a standard error
_LOADING, _REGRESSION, _FACTOR, _RESIDUAL, _INTERCEPT, _MEAN = range(len(KINDS))


@dataclass(frozen=True, eq=False)
class Sample:
    """What a group's answers come down to: (p, p) covariance with divisor n, n, and (p,) means where they are modelled.

    ``known`` : (p, p) False for pairs of items that nobody answered both of; None where there are none.
    """

    covariance: Array
    n: float
    mean: Array | None = None
    known: Array | None = None

    @property
    def unknown(self) -> int:
        """How many covariances the answers say nothing of."""
        return 0 if self.known is None else int(np.tril(~self.known).sum())


@dataclass(frozen=True, eq=False)
class Matrices:
    """The matrices of one group that a parameter vector fills, and what they imply.

    Attributes
    ----------
    loadings (p, k), regressions (k, k), disturbances (k, k), residuals (p, p), intercepts (p,), means (k,) : L, B, Psi, Theta,
        nu, alpha
    reach : (k, k) ``(I - B)^-1``; ``factors`` (k, k) covariance of the factors; ``factor_means`` (k,)
    """

    loadings: Array
    regressions: Array
    disturbances: Array
    residuals: Array
    intercepts: Array
    means: Array

    @cached_property
    def reach(self) -> Array:
        eye = np.eye(len(self.means))
        return np.linalg.inv(eye - self.regressions) if self.regressions.any() else eye

    @cached_property
    def factors(self) -> Array:
        return self.reach @ self.disturbances @ self.reach.T if self.regressions.any() else self.disturbances

    @cached_property
    def factor_means(self) -> Array:
        return self.reach @ self.means

    @cached_property
    def covariance(self) -> Array:
        return self.loadings @ self.factors @ self.loadings.T + self.residuals

    @cached_property
    def mean(self) -> Array:
        return self.intercepts + self.loadings @ self.factor_means


@dataclass(frozen=True, eq=False)
class _Group:
    """The lines of one group, sorted into what fills matrices and what moves with which parameter."""

    cells: tuple[Array, ...]  # per kind: rows, columns, lines
    lines: Array
    moving: Array  # places among all lines of the free ones
    free: Array
    distinct: bool
    left: Array  # columns of the basis [I | L A | L C] that are u and v
    right: Array
    half: Array
    p: int
    k: int

    @classmethod
    def of(cls, table: ParameterTable, group: int) -> _Group:
        mine = np.flatnonzero(table.group == group)
        cells = tuple(mine[table.kind[mine] == kind] for kind in range(len(KINDS)))
        moving = mine[table.free[mine] >= 0]
        free = table.free[moving]
        p, k = len(table.items), len(table.factors)
        left, right, half = directions(table.kind[moving], table.row[moving], table.column[moving], p, k)
        distinct = len(set(free.tolist())) == len(free)
        return cls(cells, mine, moving, free, distinct, left, right, half, p, k)


def directions(kind: Array, row: Array, column: Array, p: int, k: int) -> tuple[Array, Array, Array]:
    """Columns u and v of the basis ``[I | L A | L C]`` for each number, and ½ where it stands on a diagonal, 0 for means."""
    left = np.where(np.isin(kind, (_LOADING, _RESIDUAL, _INTERCEPT)), row, p + row)
    right = np.select(
        [np.isin(kind, (_LOADING, _REGRESSION)), kind == _FACTOR, kind == _RESIDUAL],
        [p + k + column, p + column, column],
        0,
    )
    diagonal = np.isin(kind, (_FACTOR, _RESIDUAL)) & (row == column)
    half = np.where(kind >= _INTERCEPT, 0.0, np.where(diagonal, 0.5, 1.0))
    return left, right, half


def fill(table: ParameterTable, theta: Array, group: int = 0) -> Matrices:
    """The matrices of a group at a parameter vector."""
    return _fill(table, theta, _Group.of(table, group))


def _fill(table: ParameterTable, theta: Array, own: _Group) -> Matrices:
    values = np.where(table.free >= 0, theta[table.free], table.value) if len(theta) else table.value
    p, k = own.p, own.k
    arrays = [np.zeros((p, k)), np.zeros((k, k)), np.zeros((k, k)), np.zeros((p, p)), np.zeros(p), np.zeros(k)]
    for kind, (array, lines) in enumerate(zip(arrays, own.cells, strict=True)):
        if len(lines):
            row, column = table.row[lines], table.column[lines]
            if array.ndim == 1:
                array[row] = values[lines]
            else:
                array[row, column] = values[lines]
                if kind in (_FACTOR, _RESIDUAL):
                    array[column, row] = values[lines]
    found = Matrices(*arrays)
    if table.ordered:
        common = found.loadings @ found.factors @ found.loadings.T
        np.fill_diagonal(arrays[_RESIDUAL], 1.0 - common.diagonal())
    return found


def basis_of(matrices: Matrices) -> Array:
    """(p, p + 2 k) ``[I | L A | L C]``, whose columns are the directions in which numbers move the covariance."""
    reached = matrices.loadings @ matrices.reach if matrices.regressions.any() else matrices.loadings
    return np.hstack([np.eye(len(matrices.loadings)), reached, matrices.loadings @ matrices.factors])


def mean_slopes(matrices: Matrices, basis: Array, kind: Array, left: Array, column: Array) -> Array:
    """(p, m) how each number moves the means."""
    along = np.where(np.isin(kind, (_LOADING, _REGRESSION)), matrices.factor_means[column % len(matrices.means)], 0.0)
    return np.asarray(basis[:, left] * np.where(kind >= _INTERCEPT, 1.0, along))


@dataclass(frozen=True, eq=False)
class _State:
    """One group at one parameter vector: discrepancy, and slopes where they are asked for."""

    matrices: Matrices
    inverse: Array
    discrepancy: float  # log|Sigma| - log|S| + tr(S W) - p + d' W d
    off: Array  # d = m - mu


def _state(table: ParameterTable, theta: Array, own: _Group, sample: Sample, log_det: float) -> _State | None:
    """The state, or None where the implied covariance is not positive definite."""
    matrices = _fill(table, theta, own)
    found = inverse_and_log_det(matrices.covariance)
    if found is None:
        return None
    inverse, log_implied = found
    value = log_implied - log_det + float(np.sum(sample.covariance * inverse)) - own.p
    off = np.zeros(own.p) if sample.mean is None else sample.mean - matrices.mean
    return _State(matrices, inverse, value + float(off @ inverse @ off), off)


def inverse_and_log_det(matrix: Array) -> tuple[Array, float] | None:
    """Inverse and log determinant of a symmetric matrix; None where it is not positive definite."""
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:  # how numpy says that a matrix is not positive definite
        return None
    half = np.linalg.inv(factor)
    return half.T @ half, 2.0 * float(np.log(factor.diagonal()).sum())


def _gradient(own: _Group, sample: Sample, state: _State, table: ParameterTable) -> Array:
    """(m,) gradient of n F / 2 for the moving lines of a group."""
    basis, w = basis_of(state.matrices), state.inverse
    residual = state.matrices.covariance - sample.covariance - np.outer(state.off, state.off)
    sloped = basis.T @ (w @ residual @ w) @ basis
    gradient = sloped[own.left, own.right] * own.half
    if sample.mean is not None:
        gradient = gradient - state.off @ w @ _mean_slopes(own, state.matrices, basis, table)
    return np.asarray(sample.n * gradient)


def _information(own: _Group, sample: Sample, state: _State, table: ParameterTable) -> Array:
    """(m, m) expected information for the moving lines of a group."""
    basis = basis_of(state.matrices)
    product = basis.T @ state.inverse @ basis
    halves = np.outer(own.half, own.half)
    crossed = product[own.left[:, None], own.right]
    both = product[own.left[:, None], own.left] * product[own.right[:, None], own.right]
    information = (both + crossed * crossed.T) * halves
    if sample.mean is not None:
        slopes = _mean_slopes(own, state.matrices, basis, table)
        information = information + slopes.T @ state.inverse @ slopes
    return np.asarray(sample.n * information)


def _mean_slopes(own: _Group, matrices: Matrices, basis: Array, table: ParameterTable) -> Array:
    return mean_slopes(matrices, basis, table.kind[own.moving], own.left, table.column[own.moving])


@dataclass(frozen=True, eq=False)
class Solution:
    """Where Fisher scoring ended.

    Attributes
    ----------
    table, samples : the model, and the groups' covariances
    theta : (q,) estimates of the free parameters
    matrices : per group
    information : (q, q) expected information of all respondents
    discrepancy : per group, ``F``; ``chi2 = sum n F``
    steps : iterations; ``converged`` whether another step would change nothing
    """

    table: ParameterTable
    samples: tuple[Sample, ...]
    theta: Array
    matrices: tuple[Matrices, ...]
    information: Array
    discrepancy: tuple[float, ...]
    steps: int
    converged: bool

    @property
    def chi2(self) -> float:
        return float(sum(sample.n * value for sample, value in zip(self.samples, self.discrepancy, strict=True)))

    @property
    def n(self) -> float:
        return float(sum(sample.n for sample in self.samples))

    @property
    def df(self) -> int:
        return count_moments(self.table, self.samples) - self.table.n_free

    @cached_property
    def covariance(self) -> Array:
        """(q, q) covariance of the estimates from the expected information."""
        return inverse_information(self.information)


def count_moments(table: ParameterTable, samples: Sequence[Sample]) -> int:
    """How many different variances, covariances and means there are to be explained."""
    p = len(table.items)
    if table.ordered:
        return len(samples) * (p * (p - 1) // 2)
    return sum(p * (p + 1) // 2 + (p if sample.mean is not None else 0) - sample.unknown for sample in samples)


def inverse_information(information: Array) -> Array:
    """Inverse of an information matrix, scaled to a unit diagonal first."""
    scale = np.sqrt(np.maximum(information.diagonal(), np.finfo(float).tiny))
    with one_blas_thread():
        inverse = np.linalg.pinv(information / np.outer(scale, scale), hermitian=True, rcond=1e-12)
    return np.asarray(inverse / np.outer(scale, scale))


def fit_ml(table: ParameterTable, samples: Sequence[Sample], start: Array) -> Solution:
    """Maximum likelihood by Fisher scoring with step control.

    ``F = log|Sigma| - log|S| + tr(S Sigma^-1) - p + (m - mu)' Sigma^-1 (m - mu)`` summed over groups with weights n; all
    covariances have divisor n, so that ``chi2 = sum n F`` (the convention of lavaan and Mplus).

    References
    ----------
    Jöreskog (1969), Psychometrika 34, 183-202, doi:10.1007/BF02289343.

    Examples
    --------
    >>> from servqual.cfa import plan_model, start_values
    >>> covariance = np.array([[1, 0.56, 0.48], [0.56, 1, 0.42], [0.48, 0.42, 1]])  # loadings .8, .7, .6
    >>> table, sample = (
    ...     plan_model({"care": ["a", "b", "c"]}, ["a", "b", "c"], scale_by="variance"),
    ...     Sample(covariance, 300),
    ... )
    >>> found = fit_ml(table, [sample], start_values(table, [sample]))
    >>> found.matrices[0].loadings.ravel().round(4).tolist(), found.df
    ([0.8, 0.7, 0.6], 0)
    """
    with one_blas_thread():
        return searched(Search(table, tuple(samples)), start)


def searched(search: Search, start: Array) -> Solution:
    """Scoring while far, corrected steps when near, the expected information again to confirm the end."""
    now = search.at(start)
    if now is None:
        raise ValueError("start values imply a covariance that is not positive definite")
    steps, expected, inverse = 0, np.inf, np.zeros(0)
    converged = failed = False
    while steps < _STEPS and not (converged or failed):
        scoring = expected > _NEAR * search.n or steps % _REFRESH == 0
        if scoring:
            inverse = damped_inverse(search.information(now))
        step = -inverse @ now.gradient
        expected = -float(now.gradient @ step)
        if expected < _CONVERGED * search.n:
            converged = scoring
            expected = np.inf  # believed only of the expected information itself
            continue
        moved = search.along(now, step)
        steps += 1
        failed = moved is None and scoring
        if moved is None:
            expected = np.inf
            continue
        inverse = corrected(inverse, moved.theta - now.theta, moved.gradient - now.gradient)
        now = moved
    return Solution(
        search.table,
        search.samples,
        now.theta,
        tuple(state.matrices for state in now.states),
        search.information(now),
        tuple(max(state.discrepancy, 0.0) for state in now.states),
        steps,
        converged,
    )


@dataclass(frozen=True, eq=False)
class Point:
    """One parameter vector: the groups' states, the sum of n F / 2, and its gradient."""

    theta: Array
    states: tuple[_State, ...]
    value: float
    gradient: Array


@dataclass(frozen=True, eq=False)
class Search:
    """All groups at once."""

    table: ParameterTable
    samples: tuple[Sample, ...]

    @cached_property
    def n(self) -> float:
        return float(sum(sample.n for sample in self.samples))

    @cached_property
    def own(self) -> tuple[_Group, ...]:
        return tuple(_Group.of(self.table, group) for group in range(self.table.groups))

    @cached_property
    def log_dets(self) -> tuple[float, ...]:
        return tuple(float(np.linalg.slogdet(sample.covariance)[1]) for sample in self.samples)

    def at(self, theta: Array) -> Point | None:
        """The point, or None where an implied covariance is not positive definite."""
        states = []
        for group, sample, log_det in zip(self.own, self.samples, self.log_dets, strict=True):
            state = _state(self.table, theta, group, sample, log_det)
            if state is None:
                return None
            states.append(state)
        value = sum(sample.n * state.discrepancy for sample, state in zip(self.samples, states, strict=True)) / 2
        gradient = np.zeros(len(theta))
        for group, sample, state in zip(self.own, self.samples, states, strict=True):
            gradient += np.bincount(group.free, _gradient(group, sample, state, self.table), len(theta))
        return Point(theta, tuple(states), value, gradient)

    def along(self, now: Point, step: Array) -> Point | None:
        """The longest of 1, ½, ¼, … steps that lowers the discrepancy; None where none does."""
        length = 1.0
        for _ in range(_HALVINGS):
            moved = self.at(now.theta + length * step)
            if moved is not None and moved.value <= now.value + 1e-13 * abs(now.value):
                return moved
            length /= 2
        return None

    def information(self, now: Point) -> Array:
        """(q, q) expected information of the parameters, from that of the lines of all groups."""
        q = self.table.n_free
        information = np.zeros((q, q))
        for group, sample, state in zip(self.own, self.samples, now.states, strict=True):
            own = _information(group, sample, state, self.table)
            if group.distinct:
                information[np.ix_(group.free, group.free)] += own
            else:
                np.add.at(information, (group.free[:, None], group.free[None, :]), own)
        return information


def corrected(inverse: Array, moved: Array, turned: Array) -> Array:
    """An inverse curvature that agrees with how the gradient turned along the last step (BFGS).

    Where a model fits badly, expected and true curvature differ, and scoring alone creeps.
    """
    along = float(moved @ turned)
    if along <= 0:
        return inverse
    pull = inverse @ turned
    outer = np.outer(moved, pull)
    return inverse + ((along + float(turned @ pull)) / along**2) * np.outer(moved, moved) - (outer + outer.T) / along


def damped_inverse(information: Array) -> Array:
    """Inverse of an information matrix, damped where it is singular."""
    own = information.diagonal()
    scale = 1.0 / np.sqrt(np.where(own > np.finfo(float).tiny, own, 1.0))  # a number that the data do not touch stays
    scaled, damping = information * scale * scale[:, None], 0.0
    while True:
        found = inverse_and_log_det(scaled + damping * np.eye(len(scale)))
        if found is not None:
            return found[0] * scale * scale[:, None]
        damping = max(10 * damping, 1e-10)


def observed_information(solution: Solution) -> Array:
    """(q, q) observed information: how the analytic gradient turns around the solution, by central differences."""
    search = Search(solution.table, solution.samples)
    reach = _DIFFERENCE * np.sqrt(np.maximum(solution.covariance.diagonal(), np.finfo(float).tiny))
    rows = []
    for a, h in enumerate(reach):
        ahead, behind = (search.at(solution.theta + sign * h * np.eye(len(reach))[a]) for sign in (1, -1))
        if ahead is None or behind is None:
            return solution.information  # at the edge of what is possible nothing can be seen beyond it
        rows.append((ahead.gradient - behind.gradient) / (2 * h))
    curvature = np.array(rows)
    return np.asarray((curvature + curvature.T) / 2)
