"""And if some answers are missing? The model is fitted to every answer there is (full information maximum likelihood).

A row counts with the items that it has. All that rows say is in their :class:`Patterns`; slopes and information are summed over
patterns for Sigma and mu once, and then turned into those of the parameters, so that a step costs little more with many
parameters. The saturated model and the one in which items do not covary are parameter tables like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import (
    Matrices,
    Point,
    Sample,
    Search,
    Solution,
    basis_of,
    directions,
    fill,
    inverse_information,
    mean_slopes,
    searched,
)
from servqual.cfa.indices import FitIndices, derived_indices, srmr
from servqual.cfa.model import KINDS, Kind, Line, ParameterTable, empty_table, in_groups
from servqual.cfa.patterns import Patterns, Rows, SaturatedFit, Turned, alike, fit_saturated, turn
from servqual.cfa.robust import Robust
from servqual.cfa.scaling import values_at
from servqual.cfa.start import start_values

Array = NDArray[Any]

Candidate = tuple[Kind, int, int]

_SINGULAR = 1e-9
_CHUNK = 16_384
_DIFFERENCE = 1e-4  # of a parameter's size, where the model bends


@dataclass(frozen=True, eq=False)
class IncompleteSolution(Solution):
    """A solution that rests on patterns of missing answers.

    ``samples`` hold the saturated model's means and covariances; ``chi2`` compares with that model.
    """

    patterns: Patterns
    saturated: SaturatedFit

    @property
    def log_likelihood(self) -> float:
        """Of normal answers, each row over the items that it has."""
        return -(self.saturated.deviance + self.chi2) / 2


# --- fitting -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _State:
    """The patterns at one parameter vector."""

    matrices: Matrices
    turned: Turned
    discrepancy: float


@dataclass(frozen=True, eq=False)
class _PatternSearch(Search):
    """The search of :func:`servqual.cfa.fit.fit_ml`, over patterns of one group instead of covariances of several."""

    patterns: Patterns
    saturated: SaturatedFit

    @cached_property
    def lines(self) -> _Lines:
        return _Lines.of(self.table)

    def at(self, theta: Array) -> Point | None:
        matrices = fill(self.table, theta)
        turned = turn(self.patterns, matrices.mean, matrices.covariance)
        if turned is None:
            return None
        beyond = (turned.deviance - self.saturated.deviance) / self.n
        slope = self.lines.pulled(matrices, turned.by_covariance, turned.by_mean)
        return Point(theta, (_State(matrices, turned, beyond),), turned.deviance / 2, slope)  # type: ignore[arg-type]

    def information(self, now: Point) -> Array:
        state: Any = now.states[0]
        slopes = self.lines.slopes(state.matrices)
        return np.asarray(slopes.T @ state.turned.curvature(observed=False) @ slopes)


@dataclass(frozen=True, eq=False)
class _Lines:
    """How the free lines of a table (of one group) move Sigma and mu."""

    kind: Array
    row: Array
    column: Array
    free: Array
    left: Array
    right: Array
    half: Array
    n_free: int
    distinct: bool

    @classmethod
    def of(cls, table: ParameterTable) -> _Lines:
        lines = np.flatnonzero(table.free >= 0)
        kind, row, column = table.kind[lines], table.row[lines], table.column[lines]
        places = directions(kind, row, column, len(table.items), len(table.factors))
        free = table.free[lines]
        return cls(kind, row, column, free, *places, table.n_free, len(np.unique(free)) == len(free))

    def gathered(self, by_line: Array) -> Array:
        """(..., q) sums over the lines of a parameter, from (..., m)."""
        out = np.zeros((*by_line.shape[:-1], self.n_free))
        if self.distinct:
            out[..., self.free] = by_line
        else:
            np.add.at(out.T, self.free, by_line.T)
        return out

    def pulled(self, matrices: Matrices, by_covariance: Array, by_mean: Array) -> Array:
        """(q,) slope of a function with slopes ½ G by Sigma and -g by mu."""
        basis = basis_of(matrices)
        own = (basis.T @ by_covariance @ basis)[self.left, self.right] * self.half
        return self.gathered(own - by_mean @ self.mean_slopes(matrices, basis))

    def mean_slopes(self, matrices: Matrices, basis: Array) -> Array:
        if not len(matrices.means):
            return np.asarray(basis[:, self.left] * (self.kind == KINDS.index("intercept")))
        return mean_slopes(matrices, basis, self.kind, self.left, self.column)

    def slopes(self, matrices: Matrices) -> Array:
        """(p² + p, q) how Sigma, row by row, and mu move with each parameter."""
        basis = basis_of(matrices)
        u, v = basis[:, self.left], basis[:, self.right] * self.half
        along = u[:, None] * v[None]
        both = (along + along.transpose(1, 0, 2)).reshape(-1, len(self.kind))
        return self.gathered(np.vstack([both, self.mean_slopes(matrices, basis)]))


def fit_incomplete(
    table: ParameterTable, patterns: Patterns, *, start: Matrices | None = None, saturated: SaturatedFit | None = None
) -> IncompleteSolution:
    """Full information maximum likelihood of a model in one group, with free means.

    Parameters
    ----------
    table : from :func:`plan_model`, without means; an intercept for each item is added
    patterns : from :func:`group_rows`
    start : where to begin; from the saturated model's moments where not given
    saturated : from :func:`fit_saturated`, where it is there already

    Notes
    -----
    Holds where answers are missing at random: whether one is missing may depend on the answers given, not on itself. Under
    complete answers it is maximum likelihood. ``converged`` is False also where the saturated model has no best fit.

    References
    ----------
    Arbuckle (1996) in Marcoulides and Schumacker (eds.), Advanced Structural Equation Modeling, 243-277. Enders and Bandalos
    (2001), Structural Equation Modeling 8, 430-457, doi:10.1207/S15328007SEM0803_5.

    Examples
    --------
    >>> from servqual.cfa import group_rows, plan_model
    >>> rng = np.random.default_rng(1)
    >>> values = rng.normal(size=(500, 1)) + 0.5 * rng.normal(size=(500, 4))
    >>> values[values[:, 0] > 1, 1] = np.nan  # who says much on the first item skips the second
    >>> table = plan_model({"f": ["a", "b", "c", "d"]}, ["a", "b", "c", "d"])
    >>> found = fit_incomplete(table, group_rows([(values, None, None)]))
    >>> found.converged, found.df, len(found.patterns.n), bool((abs(found.theta[:3] - 1) < 0.1).all())
    (True, 2, 2, True)
    """
    saturated = fit_saturated(patterns) if saturated is None else saturated
    known = patterns.n_pairs > 0
    sample = Sample(saturated.covariance, patterns.total, saturated.mean, None if known.all() else known)
    search = _PatternSearch(in_groups(table, 1), (sample,), patterns, saturated)
    begin = start_values(search.table, [sample]) if start is None else values_at(search.table, start)
    found = searched(search, begin)
    own = {each.name: getattr(found, each.name) for each in fields(Solution)}
    own["converged"] = found.converged and saturated.converged
    return IncompleteSolution(**own, patterns=patterns, saturated=saturated)


# --- errors ------------------------------------------------------------------------------------------------


def curvature_of(table: ParameterTable, theta: Array, patterns: Patterns) -> Array:
    """(q, q) observed information of a table's parameters.

    That of Sigma and mu turned by the model's slopes, and beside it how far the model itself bends; the bend alone is taken
    by differences, which do not touch the patterns.
    """
    lines, matrices = _Lines.of(table), fill(table, theta)
    turned = turn(patterns, matrices.mean, matrices.covariance)
    if turned is None:
        raise ValueError("the implied covariance is not positive definite")
    slopes = lines.slopes(matrices)
    information = slopes.T @ turned.curvature(observed=True) @ slopes
    if not table.factors:
        return np.asarray(information)
    rows = []
    for a, h in enumerate(_DIFFERENCE * np.maximum(np.abs(theta), 1e-2)):
        ahead, behind = (
            lines.pulled(fill(table, theta + sign * h * np.eye(len(theta))[a]), turned.by_covariance, turned.by_mean)
            for sign in (1, -1)
        )
        rows.append((ahead - behind) / (2 * h))
    bend = np.array(rows)
    return np.asarray(information + (bend + bend.T) / 2)


def saturated_table(items: Sequence[str], known: Array | None = None) -> ParameterTable:
    """Every mean, variance and (known) covariance of the items a number of its own."""
    p = len(items)
    lines: list[Line] = [
        ("residual", i, k, 0.0, True) for i in range(p) for k in range(i + 1) if known is None or known[i, k]
    ]
    lines += [("intercept", i, i, 0.0, True) for i in range(p)]
    return empty_table(items).with_lines(lines)


def _lone_table(items: Sequence[str]) -> ParameterTable:
    """Means and variances only."""
    return saturated_table(items, np.eye(len(items), dtype=bool))


def _moments_as_theta(table: ParameterTable, mean: Array, covariance: Array) -> Array:
    """(q,) the parameters of a table without factors."""
    of_means = table.of_kind("intercept")
    return np.where(of_means, mean[table.row], covariance[table.row, table.column])


@dataclass(frozen=True, eq=False)
class MomentErrors:
    """(q, q) ``covariance`` of the saturated model's numbers, which stand in the lines of ``table``."""

    table: ParameterTable
    covariance: Array

    def of_functions(self, slopes: Sequence[Array]) -> Array:
        """(f,) standard errors of functions of the covariances with ``d f = tr(D dS)``."""
        if not slopes:
            return np.zeros(0)
        of_pairs, row, column = self.table.of_kind("residual"), self.table.row, self.table.column
        twice = np.where(row == column, 1.0, 2.0) * of_pairs
        own = np.array([each[row, column] * twice for each in slopes])
        return np.asarray(np.sqrt(np.maximum(np.einsum("fa,ab,fb->f", own, self.covariance, own), 0.0)))


def incomplete_errors(solution: IncompleteSolution, parts: Iterable[Rows] | None = None) -> tuple[Robust, MomentErrors]:
    """Errors of the parameters and of the saturated moments; with the rows, from the sandwich.

    Parameters
    ----------
    solution : from :func:`fit_incomplete`
    parts : the rows once more, as they came; without them errors are of normal theory, from the observed information, and no
        chi-square is scaled. Rows of one cluster count as one

    Notes
    -----
    ``c = (tr(H1^-1 J1) - tr(H0^-1 J0)) / df`` with observed information H and products of scores J of the saturated model and
    of this one; against the model in which items do not covary likewise.

    References
    ----------
    Yuan and Bentler (2000), Sociological Methodology 30, 165-200, doi:10.1111/0081-1750.00078.
    """
    sample, patterns = solution.samples[0], solution.patterns
    whole, lone = saturated_table(solution.table.items, sample.known), _lone_table(solution.table.items)
    at_items = patterns.item_moments
    places = [
        (solution.table, solution.theta),
        (whole, _moments_as_theta(whole, solution.saturated.mean, solution.saturated.covariance)),
        (lone, _moments_as_theta(lone, at_items[0], np.diag(at_items[1]))),
    ]
    inverse = [inverse_information(curvature_of(table, theta, patterns)) for table, theta in places]
    if parts is None:
        return Robust(inverse[0], 1.0, 1.0), MomentErrors(whole, inverse[1])
    meat = score_products(places, patterns, parts)
    traces = [float(np.sum(own * middle)) for own, middle in zip(inverse, meat, strict=True)]
    scaling = (traces[1] - traces[0]) / solution.df if solution.df > 0 else 1.0
    base = (traces[1] - traces[2]) / (whole.n_free - lone.n_free)
    robust = Robust(inverse[0] @ meat[0] @ inverse[0], scaling, base)
    return robust, MomentErrors(whole, inverse[1] @ meat[1] @ inverse[1])


def score_products(
    places: Sequence[tuple[ParameterTable, Array]], patterns: Patterns, parts: Iterable[Rows]
) -> list[Array]:
    """Per table (q, q) sums of products of the rows' slopes of log L, or of the clusters' where the rows have any."""
    own = [_Scorer(table, theta) for table, theta in places]
    meat = [np.zeros((table.n_free, table.n_free)) for table, _ in places]
    totals: dict[str, list[Array]] = {}
    for values, weights, clusters in _chunks(parts):
        kinds = list(alike(values))
        scored = [scorer.of_rows(values, kinds) for scorer in own]
        if weights is not None:
            scored = [scores * (weights / patterns.mean_weight)[:, None] for scores in scored]
        if clusters is None:
            meat = [each + scores.T @ scores for each, scores in zip(meat, scored, strict=True)]
            continue
        answered = ~np.isnan(values).all(axis=1)
        labels, code = np.unique(clusters[answered], return_inverse=True)
        for k, sums in enumerate(
            zip(*(_summed(scores[answered], code, len(labels)) for scores in scored), strict=True)
        ):
            before = totals.get(labels[k])
            totals[labels[k]] = list(sums) if before is None else [a + b for a, b in zip(before, sums, strict=True)]
    if not totals:
        return meat
    factor = len(totals) / (len(totals) - 1)
    stacked = [np.array(sums) for sums in zip(*totals.values(), strict=True)]
    return [factor * each.T @ each for each in stacked]


def _chunks(parts: Iterable[Rows]) -> Iterator[Rows]:
    """The same rows, few at a time: a row becomes some hundred slopes."""
    for values, weights, clusters in parts:
        for first in range(0, len(values), _CHUNK):
            own = slice(first, first + _CHUNK)
            yield values[own], None if weights is None else weights[own], None if clusters is None else clusters[own]


def _summed(scores: Array, code: Array, count: int) -> Array:
    out = np.zeros((count, scores.shape[1]))
    np.add.at(out, code, scores)
    return out


class _Scorer:
    """One table's slopes of log L, row by row: with y = W_j z, ``(u'y)(v'y) - u' W_j v + dmu'y``."""

    def __init__(self, table: ParameterTable, theta: Array) -> None:
        self.lines, matrices = _Lines.of(table), fill(table, theta)
        self.mean, self.covariance, basis = matrices.mean, matrices.covariance, basis_of(matrices)
        self.u, self.v = basis[:, self.lines.left], basis[:, self.lines.right] * self.lines.half
        self.slopes = self.lines.mean_slopes(matrices, basis)

    def of_rows(self, values: Array, alike_rows: Sequence[tuple[Array, Array]]) -> Array:
        """(n, q) slopes; 0 for rows without answers."""
        y, code = np.zeros(values.shape), np.zeros(len(values), dtype=int)
        at = np.zeros((len(alike_rows), len(self.lines.free)))
        for k, (seen, rows) in enumerate(alike_rows):
            inverse = np.linalg.inv(self.covariance[np.ix_(seen, seen)])
            y[np.ix_(rows, seen)] = (values[np.ix_(rows, seen)] - self.mean[seen]) @ inverse
            at[k] = (self.u[seen] * (inverse @ self.v[seen])).sum(axis=0)
            code[rows] = k
        return self.lines.gathered((y @ self.u) * (y @ self.v) + y @ self.slopes - at[code])


def incomplete_score_test(solution: IncompleteSolution, lines: Sequence[Candidate]) -> tuple[Array, Array]:
    """(c,) what chi-square would about fall by if a number were freed alone, and the value it would take.

    As :func:`servqual.cfa.modification.score_test`, with the information expected of these patterns.
    """
    table = solution.table.with_lines([(kind, row, column, 0.0, True) for kind, row, column in lines])
    theta, free = np.append(solution.theta, np.zeros(len(lines))), slice(solution.table.n_free)
    new, matrices = slice(solution.table.n_free, None), fill(table, theta)
    turned = turn(solution.patterns, matrices.mean, matrices.covariance)
    if turned is None:
        raise ValueError("the implied covariance is not positive definite")
    own_lines = _Lines.of(table)
    slope = own_lines.pulled(matrices, turned.by_covariance, turned.by_mean)[new]
    slopes = own_lines.slopes(matrices)
    information = slopes.T @ turned.curvature(observed=False) @ slopes
    cross = information[free, new]
    own = information[new, new].diagonal()
    left = own - np.sum(cross * (inverse_information(information[free, free]) @ cross), axis=0)
    free_to_move = left > _SINGULAR * own
    safe = np.where(free_to_move, left, np.inf)
    return np.where(free_to_move, slope**2 / safe, 0.0), -slope / safe


# --- fit ---------------------------------------------------------------------------------------------------


def incomplete_indices(solution: IncompleteSolution) -> FitIndices:
    """All indices of a full information solution.

    The model in which items do not covary is fitted to every answer as well. SRMR compares with the saturated model's moments,
    means included; parameters counted in AIC and BIC include an intercept for each item (lavaan's conventions).
    """
    sample, n, q = solution.samples[0], solution.n, solution.table.n_free
    p, logl = len(solution.table.items), solution.log_likelihood
    base = -2 * solution.patterns.item_log_likelihood - solution.saturated.deviance
    return derived_indices(
        solution.chi2, solution.df, base, p * (p - 1) // 2 - sample.unknown, n, n_parameters=q, srmr=srmr(solution), logl=logl,
        aic=2 * q - 2 * logl, bic=q * np.log(n) - 2 * logl, abic=q * np.log((n + 2) / 24) - 2 * logl,
    )  # fmt: skip


def without_robust(indices: FitIndices) -> FitIndices:
    """Scaled indices without the population's: those of complete answers do not hold where answers are missing."""
    nan = float("nan")
    return replace(
        indices, cfi_robust=nan, tli_robust=nan, rmsea_robust=nan, rmsea_robust_low=nan, rmsea_robust_high=nan
    )
