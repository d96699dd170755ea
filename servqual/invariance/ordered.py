"""And if answers are ordered categories? Then the same answer must stand for the same degree first: thresholds are a step.

Behind each answer lies ``y* = nu + L eta + e``; the answer says between which thresholds tau it falls. Of y* only thresholds in
units of its spread and polychoric correlations can be seen::

    Sigma = L Phi L' + Theta,  D = diag(Sigma)^1/2,  R = D^-1 Sigma D^-1,  z = (tau - nu - L alpha) / D

In the first group ``nu = 0, Theta = I, alpha = 0`` (theta parameterisation), and a factor's first loading is 1. Others have, after
Wu and Estabrook (2016), at each step

==============  ===========================================  ===========================================================
step            equal to the first group                     free instead in each other group
==============  ===========================================  ===========================================================
configural      nothing (nu = 0, Theta = I, alpha = 0)       tau, L, Phi
thresholds      tau                                          L, Phi, nu, Theta: ``sum (t - 2)`` more degrees of freedom
metric          tau, L                                       Phi, nu, Theta: ``p - k`` more
scalar          tau, L, nu                                   Phi, Theta, alpha: ``p - k`` more
strict          tau, L, nu, Theta                            Phi, alpha: ``p`` more
==============  ===========================================  ===========================================================

for p items with t thresholds each and k factors; degrees of freedom count per further group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.confirm import NotConverged, NotIdentified
from servqual.cfa.fit import (
    Matrices,
    Sample,
    basis_of,
    damped_inverse,
    directions,
    fill,
    inverse_information,
    mean_slopes,
)
from servqual.cfa.indices import FitIndices, derived_indices
from servqual.cfa.model import KINDS, ParameterTable, in_groups
from servqual.cfa.start import one_factor_each, start_values
from servqual.correlations import ItemMatrix, PolychoricGamma, polychoric_gamma, side_of
from servqual.invariance.ladder import Place, Rung, may_be_freed, named_place
from servqual.responses import Responses
from survey_design.errors import DataError
from survey_design.results import Text

Array = NDArray[Any]

STEPS = ("configural", "thresholds", "metric", "scalar", "strict")
_ROUNDS, _HALVINGS, _CONVERGED = 200, 30, 1e-13
_SINGULAR = 1e-10
_EXACT = 1e-8  # of a chi-square per respondent: what counts as none
_LEAST_SLOPE = 0.05
_MOST_NAMED = 6


@dataclass(frozen=True, eq=False)
class OrderedSample:
    """What a group's ordered answers come down to.

    Attributes
    ----------
    thresholds : (t,) of all items, item by item, rising
    correlation : (p, p) polychoric correlations
    gamma : (m, m) n times the sampling covariance of thresholds and correlations above the diagonal, row by row; m = t + p (p-1) / 2
    n : respondents; n - 1 multiplies the discrepancy, as in lavaan
    """

    thresholds: Array
    correlation: Array
    gamma: Array
    n: int

    @classmethod
    def of(cls, found: PolychoricGamma) -> OrderedSample:
        """From what :func:`servqual.correlations.polychoric_gamma` gives."""
        return cls(np.concatenate(found.fit.thresholds), found.fit.correlation, found.values, found.n)

    @cached_property
    def moments(self) -> Array:
        """(m,) thresholds, then correlations."""
        return np.append(self.thresholds, self.correlation[np.triu_indices(len(self.correlation), 1)])

    @cached_property
    def weight(self) -> Array:
        """(m,) what squared residuals are weighted by."""
        return np.asarray(1 / self.gamma.diagonal())


@dataclass(frozen=True, eq=False)
class OrderedModel:
    """A step: which numbers are free, and which thresholds are one.

    Attributes
    ----------
    table : loadings, factors, residuals, intercepts, means of all groups; ``table.n_free`` parameters come first
    item : (t,) which item a threshold is of
    cuts : (groups, t) number of the parameter behind each threshold
    """

    table: ParameterTable
    item: Array
    cuts: Array

    @property
    def n_free(self) -> int:
        return int(self.cuts.max()) + 1

    @property
    def df(self) -> int:
        p, t = len(self.table.items), len(self.item)
        return self.table.groups * (t + p * (p - 1) // 2) - self.n_free

    def name(self, parameter: int) -> str:
        """How a free parameter is written."""
        if parameter < self.table.n_free:
            return self.table.name(self.table.free.tolist().index(parameter))
        return f"{self.table.items[self.item[np.argwhere(self.cuts == parameter)[0][1]]]} | t"


def plan_ordered(
    base: ParameterTable, groups: int, item: Array, step: str, freed: Sequence[Place] = ()
) -> OrderedModel:
    """The model of a step in so many groups.

    Parameters
    ----------
    base : the model of one group, without means, with a marker per factor
    groups : how many
    item : (t,) which item a threshold is of
    step : "configural", "thresholds", "metric", "scalar" or "strict"
    freed : places that are not held equal; ("threshold", i, i) sets item i apart: its thresholds and loading are its own
    """
    at = STEPS.index(step)
    apart = [row for kind, row, _ in freed if kind == "threshold"]
    released: Any = {place for place in freed if place[0] == "loading"}
    loads = base.of_kind("loading")
    released |= {
        ("loading", int(i), int(j)) for i, j in zip(base.row[loads], base.column[loads], strict=True) if i in apart
    }
    equal: Any = (("loading",) if at >= 2 else ()) + (("intercept",) if at >= 3 else ())
    table = _identified(in_groups(base, groups, equal=equal, released=released), at, apart, freed)
    own = np.isin(item, apart) | (at == 0)
    keys = np.where(own, np.arange(groups)[:, None] * len(item) + np.arange(len(item)), np.arange(len(item)))
    numbers = np.unique(keys, return_inverse=True)[1].reshape(keys.shape)
    return OrderedModel(table, np.asarray(item), table.n_free + numbers)


def _identified(table: ParameterTable, at: int, apart: Sequence[int], freed: Sequence[Place]) -> ParameterTable:
    """Residual variances 1 and intercepts 0 where thresholds do not set them, or where they are held equal."""
    free, value = table.free.copy(), table.value.copy()
    fixed_here = (table.group == 0) | np.isin(table.row, apart) | (at == 0)
    for kind, equal_from, held in (("intercept", 3, 0.0), ("residual", 4, 1.0)):
        own = table.of_kind(kind)  # type: ignore[arg-type]
        loose = np.isin(table.row, [row for other, row, _ in freed if other == kind])
        fixed = own & (fixed_here | ((at >= equal_from) & ~loose))
        free[fixed], value[fixed] = -1, held
        moving = own & ~fixed
        free[moving] = table.n_free + np.flatnonzero(moving)
    numbered = np.full(len(free), -1)
    numbered[free >= 0] = np.unique(free[free >= 0], return_inverse=True)[1]
    return replace(table, free=numbered, value=value)


# --- one group at one parameter vector ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Implied:
    """What a group's numbers imply: matrices, spreads (p,), correlations (p, p), thresholds in units of spread (t,)."""

    matrices: Matrices
    spread: Array
    correlation: Array
    thresholds: Array

    @classmethod
    def of(cls, model: OrderedModel, theta: Array, group: int) -> _Implied | None:
        """None where a variance is not positive."""
        matrices = fill(model.table, theta[: model.table.n_free], group)
        variance = matrices.covariance.diagonal()
        if not (variance > 0).all():
            return None
        spread = np.sqrt(variance)
        off = theta[model.cuts[group]] - matrices.mean[model.item]
        return cls(matrices, spread, matrices.covariance / np.outer(spread, spread), off / spread[model.item])

    @property
    def moments(self) -> Array:
        return np.append(self.thresholds, self.correlation[np.triu_indices(len(self.spread), 1)])

    def slopes(self, model: OrderedModel, group: int) -> Array:
        """(m, q) how the moments move with each parameter."""
        table, d = model.table, self.spread
        lines = np.flatnonzero((table.group == group) & (table.free >= 0))
        kind, row, column = table.kind[lines], table.row[lines], table.column[lines]
        left, right, half = directions(kind, row, column, len(d), len(table.factors))
        basis = basis_of(self.matrices)
        u, v = basis[:, left], basis[:, right] * half
        relative = u * v / d[:, None] ** 2  # relative change of each spread
        i, j = np.triu_indices(len(d), 1)
        of_pairs = (u[i] * v[j] + u[j] * v[i]) / (d[i] * d[j])[:, None]
        of_pairs -= self.correlation[i, j][:, None] * (relative[i] + relative[j])
        item = model.item
        shift = mean_slopes(self.matrices, basis, kind, left, column) / d[:, None]
        of_cuts = -shift[item] - self.thresholds[:, None] * relative[item]
        out = np.zeros((len(item) + len(i), model.n_free))
        np.add.at(out.T, table.free[lines], np.vstack([of_cuts, of_pairs]).T)
        out[np.arange(len(item)), model.cuts[group]] += 1 / d[item]
        return out


# --- the fit -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OrderedSolution:
    """Where least squares ended.

    Attributes
    ----------
    model, samples : the step, and the groups
    theta : (q,) estimates
    matrices : per group
    residuals : per group, (m,) sample less implied moments
    slopes : per group, (m, q)
    steps, converged : of the search
    """

    model: OrderedModel
    samples: tuple[OrderedSample, ...]
    theta: Array
    matrices: tuple[Matrices, ...]
    residuals: tuple[Array, ...]
    slopes: tuple[Array, ...]
    steps: int
    converged: bool

    @property
    def table(self) -> ParameterTable:
        return self.model.table

    @property
    def df(self) -> int:
        return self.model.df

    @property
    def chi2(self) -> float:
        """``sum (n - 1) F``: not chi-square distributed before it is scaled and shifted."""
        return float(
            sum((s.n - 1) * (s.weight @ rest**2) for s, rest in zip(self.samples, self.residuals, strict=True))
        )

    @cached_property
    def information(self) -> Array:
        """(q, q) ``D' V D`` with V the weights times n - 1."""
        return _information(self.samples, self.slopes)

    @cached_property
    def bread(self) -> Array:
        return inverse_information(self.information)

    @cached_property
    def covariance(self) -> Array:
        """(q, q) robust covariance of the estimates: ``B D' V C V D B``, C the covariance of the moments."""
        return np.asarray(self.bread @ _middle(self.samples, self.slopes, self.slopes) @ self.bread)

    @cached_property
    def traces(self) -> tuple[float, float]:
        """``tr(U C)`` and ``tr((U C)^2)`` with ``U = V - V D B D' V``, group by group, without the whole of U."""
        products = [s.weight[:, None] * s.gamma for s in self.samples]
        once = _middle(self.samples, self.slopes, self.slopes)
        twice = _middle(self.samples, self.slopes, self.slopes, again=True)
        inner = self.bread @ once
        first = sum(float(np.trace(product)) for product in products) - float(np.trace(inner))
        second = sum(float(np.sum(product * product.T)) for product in products)
        second += float(np.sum(inner * inner.T)) - 2 * float(np.sum(self.bread * twice.T))
        return first, second


def _information(samples: Sequence[OrderedSample], slopes: Sequence[Array]) -> Array:
    """``D' V D``; each group's part over the parameters that move it."""
    out = np.zeros((slopes[0].shape[1],) * 2)
    for sample, slope in zip(samples, slopes, strict=True):
        moving = np.flatnonzero(slope.any(axis=0))
        own = slope[:, moving]
        out[np.ix_(moving, moving)] += (sample.n - 1) * (own.T @ (sample.weight[:, None] * own))
    return out


def _middle(
    samples: Sequence[OrderedSample], first: Sequence[Array], second: Sequence[Array], *, again: bool = False
) -> Array:
    """``A' V C V B`` for the slopes A and B of two models at one point; ``A' V C V C V B`` with ``again``."""
    out = np.zeros((first[0].shape[1], second[0].shape[1]))
    for sample, a, b in zip(samples, first, second, strict=True):
        rows, columns = np.flatnonzero(a.any(axis=0)), np.flatnonzero(b.any(axis=0))
        left, right = sample.weight[:, None] * a[:, rows], sample.weight[:, None] * b[:, columns]
        right = sample.gamma @ (sample.weight[:, None] * (sample.gamma @ right)) if again else sample.gamma @ right
        out[np.ix_(rows, columns)] += (sample.n - 1) * (left.T @ right)
    return out


def fit_ordered(model: OrderedModel, samples: Sequence[OrderedSample]) -> OrderedSolution:
    """Diagonally weighted least squares in all groups at once, by Gauss and Newton's steps with step control.

    ``F = sum of (n - 1) (s - sigma)' W (s - sigma)`` over groups, s the thresholds and polychoric correlations, W the inverse of
    the diagonal of Gamma.

    References
    ----------
    Muthén (1984), Psychometrika 49, 115-132, doi:10.1007/BF02294210.
    """
    theta, now = _start(model, samples), None
    now = _at(model, samples, theta)
    if now is None:
        raise ValueError("start values imply a variance that is not positive")
    limit = _CONVERGED * sum(s.n for s in samples)
    steps, converged = 0, False
    while steps < _ROUNDS and not converged:
        steps += 1
        slopes = [implied.slopes(model, group) for group, implied in enumerate(now.implied)]
        downhill = sum(
            (s.n - 1) * (d.T @ (s.weight * rest)) for s, d, rest in zip(samples, slopes, now.residuals, strict=True)
        )
        step = damped_inverse(_information(samples, slopes)) @ downhill
        converged = float(step @ downhill) < limit
        if converged:
            break
        moved = _shortened(model, samples, now, step)
        if moved is None:
            break
        now = moved
    slopes = [implied.slopes(model, group) for group, implied in enumerate(now.implied)]
    return OrderedSolution(
        model, tuple(samples), now.theta, tuple(each.matrices for each in now.implied), now.residuals, tuple(slopes),
        steps, converged,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Point:
    theta: Array
    implied: tuple[_Implied, ...]
    residuals: tuple[Array, ...]
    value: float


def _at(model: OrderedModel, samples: Sequence[OrderedSample], theta: Array) -> _Point | None:
    implied, residuals, value = [], [], 0.0
    for group, sample in enumerate(samples):
        own = _Implied.of(model, theta, group)
        if own is None:
            return None
        rest = sample.moments - own.moments
        implied.append(own)
        residuals.append(rest)
        value += (sample.n - 1) * float(sample.weight @ rest**2)
    return _Point(theta, tuple(implied), tuple(residuals), value)


def _shortened(model: OrderedModel, samples: Sequence[OrderedSample], now: _Point, step: Array) -> _Point | None:
    """The longest of 1, ½, ¼, … steps that lowers the discrepancy; None where none does."""
    length = 1.0
    for _ in range(_HALVINGS):
        moved = _at(model, samples, now.theta + length * step)
        if moved is not None and moved.value <= now.value * (1 + 1e-13):
            return moved
        length /= 2
    return None


def _start(model: OrderedModel, samples: Sequence[OrderedSample]) -> Array:
    """Each factor from its own items; where thresholds are shared, levels and spreads from how a group's lie to the first's."""
    table = model.table
    pattern = np.zeros((len(table.items), len(table.factors)))
    loads = table.of_kind("loading", 0)
    pattern[table.row[loads], table.column[loads]] = 1.0
    theta = np.zeros(model.n_free)
    inputs, levels = [], []
    for group, sample in enumerate(samples):
        spread = 1 / np.sqrt(one_factor_each(sample.correlation, pattern)[1])
        level = np.zeros(len(spread))
        for item in range(len(spread)):
            own = np.flatnonzero(model.item == item)
            if group and np.array_equal(model.cuts[group, own], model.cuts[0, own]):
                a, b = _line_through(theta[model.cuts[0, own]], sample.thresholds[own])
                spread[item], level[item] = 1 / b, -a / b
            else:
                theta[model.cuts[group, own]] = sample.thresholds[own] * spread[item]
        inputs.append(Sample(sample.correlation * np.outer(spread, spread), sample.n, level))
        levels.append(level)
    theta[: table.n_free] = start_values(table, inputs)
    markers = {int(table.column[line]): int(table.row[line]) for line in np.flatnonzero(loads & (table.free < 0))}
    for line in np.flatnonzero((table.kind == KINDS.index("mean")) & (table.free >= 0)):
        theta[table.free[line]] = levels[int(table.group[line])][markers[int(table.row[line])]]
    return theta


def _line_through(x: Array, y: Array) -> tuple[float, float]:
    """Intercept and slope of y on x, the slope kept away from 0."""
    away = x - x.mean()
    slope = max(float(away @ y) / float(away @ away), _LEAST_SLOPE)
    return float(y.mean() - slope * x.mean()), slope


# --- what is said of a fit ---------------------------------------------------------------------------------


def scaled_and_shifted(chi2: float, df: int, traces: tuple[float, float]) -> tuple[float, float, float]:
    """Chi-square with the right mean and variance, and its scaling and shift: ``a T + df - a tr``, ``a = sqrt(df / tr2)``.

    References
    ----------
    Asparouhov and Muthén (2010), Simple second order chi-square correction, Mplus technical appendix.

    >>> scaled_and_shifted(12.0, 4, (8.0, 16.0))
    (6.0, 2.0, 0.0)
    """
    if df <= 0:
        return chi2, 1.0, 0.0
    a = float(np.sqrt(df / traces[1]))
    shift = df - a * traces[0]
    return a * chi2 + shift, 1 / a, shift


def ordered_indices(solution: OrderedSolution) -> FitIndices:
    """Scaled and shifted fit; SRMR is of the correlations alone."""
    samples, p = solution.samples, len(solution.table.items)
    t, groups, pairs = len(solution.model.item), len(samples), p * (p - 1) // 2
    base = sum((s.n - 1) * float(s.weight[t:] @ s.moments[t:] ** 2) for s in samples)
    products = [s.weight[t:, None] * s.gamma[t:, t:] for s in samples]
    base_traces = (float(groups * pairs), sum(float(np.sum(each * each.T)) for each in products))
    chi2, scaling, shift = scaled_and_shifted(solution.chi2, solution.df, solution.traces)
    n, nan = sum(s.n for s in samples), float("nan")
    srmr = sum(s.n * float(np.sqrt((rest[t:] ** 2).sum() / (p * (p + 1) / 2)))
               for s, rest in zip(samples, solution.residuals, strict=True)) / n  # fmt: skip
    found = derived_indices(
        chi2, solution.df, scaled_and_shifted(base, groups * pairs, base_traces)[0], groups * pairs, n - groups, groups,
        n_parameters=solution.model.n_free, srmr=srmr, logl=nan, aic=nan, bic=nan, abic=nan, scaling=scaling, shift=shift,
    )  # fmt: skip
    return replace(found, n=n)


def nested_test(smaller: OrderedSolution, larger: OrderedSolution) -> tuple[float, float]:
    """Chi-square of the difference of two nested solutions, scaled and shifted, and its p.

    ``T = F0 - F1`` is a weighted sum of chi-squares with the eigenvalues of ``V (D1 B1 D1' - D0 B0 D0') V C``. Both models' slopes
    are taken at the smaller one's moments, where these projections are nested exactly; the larger model is fitted to them for
    that. nan where the larger can't reproduce them.

    References
    ----------
    Satorra (2000) in Heijmans, Pollock and Satorra (eds), Innovations in Multivariate Statistical Analysis, 233-247,
    doi:10.1007/978-1-4615-4603-0_17. Asparouhov and Muthén (2006), Robust chi square difference testing with mean and variance
    adjusted test statistics, Mplus Web Notes 10.
    """
    from scipy.special import chdtrc

    samples, df = smaller.samples, smaller.df - larger.df
    if df <= 0:
        return smaller.chi2 - larger.chi2, float("nan")
    there = fit_ordered(
        larger.model, [_as_implied(s, rest) for s, rest in zip(samples, smaller.residuals, strict=True)]
    )
    if there.chi2 > _EXACT * sum(s.n for s in samples):
        return float("nan"), float("nan")
    inner = [each.bread @ _middle(samples, each.slopes, each.slopes) for each in (smaller, there)]
    cross = _middle(samples, there.slopes, smaller.slopes)
    first = float(np.trace(inner[1]) - np.trace(inner[0]))
    second = sum(float(np.sum(each * each.T)) for each in inner)
    second -= 2 * float(np.sum((there.bread @ cross) * (cross @ smaller.bread)))
    chi2 = scaled_and_shifted(max(smaller.chi2 - larger.chi2, 0.0), df, (first, second))[0]
    return chi2, float(chdtrc(df, max(chi2, 0.0)))


def _as_implied(sample: OrderedSample, rest: Array) -> OrderedSample:
    """The sample a model would explain without residuals."""
    moments, t, p = sample.moments - rest, len(sample.thresholds), len(sample.correlation)
    r = np.eye(p)
    i, j = np.triu_indices(p, 1)
    r[i, j] = r[j, i] = moments[t:]
    return replace(sample, thresholds=moments[:t], correlation=r)


# --- the ladder --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OrderedLadder:
    """Configural, thresholds, metric, scalar, strict by weighted least squares.

    Attributes
    ----------
    base : the model of one group
    samples : the groups
    item : (t,) which item a threshold is of
    """

    base: ParameterTable
    samples: tuple[OrderedSample, ...]
    item: Array

    @property
    def steps(self) -> tuple[str, ...]:
        return STEPS

    @property
    def groups(self) -> int:
        return len(self.samples)

    def fit(self, step: str, freed: Sequence[Place]) -> Rung:
        model = plan_ordered(self.base, len(self.samples), self.item, step, freed)
        solution = fit_ordered(model, self.samples)
        _check_found(solution)
        return Rung(ordered_indices(solution), solution)

    def freer(self, step: str, rung: Rung, freed: Sequence[Place]) -> Place | None:
        """The place whose freeing raises CFI most: every candidate is fitted."""
        kind = {"thresholds": "threshold", "metric": "loading", "scalar": "intercept", "strict": "residual"}[step]
        best: tuple[float, Place] | None = None
        for place in may_be_freed(self.base, kind, freed):
            try:
                cfi = self.fit(step, [*freed, place]).fit.cfi
            except NotConverged:  # freeing it leads nowhere; the others may still do
                continue
            best = (cfi, place) if best is None or cfi > best[0] else best
        return best[1] if best else None

    def difference(self, rung: Rung, before: Rung) -> tuple[float, float]:
        return nested_test(rung.solution, before.solution)

    def named(self, place: Place) -> str:
        return named_place(self.base, place)


def ordered_ladder(
    base: ParameterTable, matrices: Mapping[Any, ItemMatrix], responses: Responses, by: str
) -> OrderedLadder:
    """The ladder of groups, with one further pass over the rows for each group's Gamma."""
    clustered = bool(side_of(responses, next(iter(matrices.values())).of).design.stages)
    found = [
        polychoric_gamma(responses, matrix, by=by, label=(label,), clustered=clustered)
        for label, matrix in matrices.items()
    ]
    return ladder_of(base, found)


CLUSTERED: Text = {
    "en": "chi-square and errors here count clusters, not respondents",
    "zh": "此处的卡方与误差以群为单位计算",
}


def ladder_of(base: ParameterTable, found: Sequence[PolychoricGamma]) -> OrderedLadder:
    """The same from what is known of each group."""
    item = np.repeat(np.arange(len(base.items)), [len(own) for own in found[0].fit.thresholds])
    return OrderedLadder(base, tuple(OrderedSample.of(each) for each in found), item)


def _check_found(solution: OrderedSolution) -> None:
    """Refuse a solution that is none, and one whose numbers can't be told apart."""
    if not solution.converged:
        worst = int(np.argmax(np.abs(solution.theta)))
        raise NotConverged(
            f"Not converged after {solution.steps} steps: no best fit was found ({solution.model.name(worst)} went to "
            f"{_signed(solution.theta[worst])}). An item may leave no residual in a group (Heywood case), or hardly belong to its "
            "factor. Look at confirm_factors(..., estimator='wlsmv') first."
        )
    scale = np.sqrt(np.maximum(solution.information.diagonal(), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(solution.information / np.outer(scale, scale))
    if values[0] > _SINGULAR:
        return
    weights = np.abs(vectors[:, 0])
    chosen = [int(k) for k in np.argsort(-weights)[:_MOST_NAMED] if weights[k] > 0.1]
    names = ", ".join(solution.model.name(k) for k in chosen)
    raise NotIdentified(
        f"Not identified: these can't be told apart from the data: {names}. A factor with two items needs correlations with other "
        "factors. Fix some of them, or give more items."
    )


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def missing_categories(found: Mapping[Any, ItemMatrix]) -> list[tuple[str, float, Any]]:
    """(item, category, group) where a group never gives an answer that another gives."""
    lacking: list[tuple[str, float, Any]] = []
    names = next(iter(found.values())).names
    for place, name in enumerate(names):
        own = {
            label: set(each.categories[place].tolist()) for label, each in found.items() if each.categories is not None
        }
        every = sorted(set().union(*own.values()))
        lacking += [
            (name, category, label) for category in every for label, used in own.items() if category not in used
        ]
    return lacking


def joined_categories(found: Mapping[Any, ItemMatrix]) -> dict[str, dict[float, float]]:
    """item -> {category that a group lacks: the nearest one that all groups use, the lower of two}."""
    joined: dict[str, dict[float, float]] = {}
    for item, category, _ in missing_categories(found):
        place = next(iter(found.values())).names.index(item)
        own = [set(each.categories[place].tolist()) for each in found.values() if each.categories is not None]
        common = sorted(set.intersection(*own))
        if common:
            joined.setdefault(item, {})[category] = min(common, key=lambda c: (abs(c - category), c))
    return joined


def with_joined(side: Responses, form: str, joined: Mapping[str, Mapping[float, float]]) -> Responses:
    """The same answers with some categories joined to others."""
    changed = {}
    for item, pairs in joined.items():
        column = side.instrument.column(form, item)
        answers = side.frame[column]
        for old, new in pairs.items():
            answers = answers.mask(answers == old, new)
        changed[column] = answers
    return side._with(frame=side.frame.assign(**changed))


def told_joined(joined: Mapping[str, Mapping[float, float]]) -> Text:
    """Which categories were joined, the first of them by name."""
    each = [
        f"{item} {', '.join(f'{old:g}' for old in pairs)} → {', '.join(f'{new:g}' for new in dict.fromkeys(pairs.values()))}"
        for item, pairs in joined.items()
    ]
    shown = "; ".join(each[:_MOST_NAMED]) + ("; …" if len(each) > _MOST_NAMED else "")
    s = "s" if len(each) > 1 else ""
    return {
        "en": f"categories that a group never uses were joined with the nearest that all use, in {len(each)} item{s} ({shown})",
        "zh": f"{len(each)} 个题项中有组未使用的选项，已并入各组均使用的最近选项（{shown.replace('; ', '；').replace(', ', '、')}）",
    }


def check_ordered(found: Mapping[Any, ItemMatrix], by: str) -> None:
    """Refuse categories that a group lacks, and items with two answers, all named."""
    lacking = missing_categories(found)
    if lacking:
        told = "; ".join(
            f"{item}: nobody in {label} answered {category:g}" for item, category, label in lacking[:_MOST_NAMED]
        )
        raise DataError(
            f"by={by!r}: thresholds can't be compared where a group never gives an answer that another gives. {told}"
            f"{'; …' if len(lacking) > _MOST_NAMED else ''}. Join such categories with their "
            "neighbours in all groups (collapse=True), leave the items out (model=...), or take answers as numbers (kind='pearson').",
            pd.DataFrame(lacking, columns=["item", "category", "group"]),
        )
    first = next(iter(found.values()))
    two = [name for name, own in zip(first.names, first.categories or (), strict=False) if len(own) < 3]
    if two:
        raise DataError(
            f"by={by!r}: {', '.join(two[:_MOST_NAMED])}{', …' if len(two) > _MOST_NAMED else ''} have two answers. One threshold tells "
            "nothing of level and spread apart, so thresholds, loadings and intercepts can't be tested one after the other (Wu and "
            "Estabrook 2016). Leave these items out (model=...), or take answers as numbers (kind='pearson').",
            pd.DataFrame({"item": two}),
        )
