"""What do incomplete rows come down to? For each pattern of missing answers: how many, their means and covariances.

The normal likelihood of a row takes from mean and covariance only the part of the items that were answered. Rows that lack the
same items share that part, so a pattern's count, means and covariances are all that is needed of them. With ``W_j`` the inverse
of that part of Sigma (0 elsewhere), ``d_j = m_j - mu`` and ``T_j = S_j + d_j d_j'``::

    -2 log L   = sum n_j (log|Sigma_j| + tr(T_j W_j) + p_j log 2 pi)
    slopes of -log L = ½ G by Sigma and -g by mu,     G = sum n_j (W_j - W_j T_j W_j),     g = sum n_j W_j d_j
    an EM step       = Sigma g / n for mu, and  -Sigma G Sigma / n - (the step of mu)(the same)'  for Sigma
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import inverse_and_log_det

Array = NDArray[Any]
Rows = tuple[Array, Array | None, Array | None]  # (n, p) values with nan, (n,) weights, (n,) clusters

_STEPS = 5_000
_CONVERGED = 1e-13  # what another step would still raise the log-likelihood by, per respondent
_FEW = 256  # patterns that are inverted together
_FLAT = 1e-9  # smallest eigenvalue of a correlation matrix on its way to none


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows by what was answered.

    Attributes
    ----------
    seen : (j, p) which items a pattern's rows answered
    rows : (j,) how many rows
    n : (j,) the sum of their weights, which are 1 on average
    mean, covariance : (j, p) and (j, p, p) with divisor n; 0 where not seen
    unanswered : rows without any answer, which are not used
    mean_weight : of the rows used, as they came
    """

    seen: Array
    rows: Array
    n: Array
    mean: Array
    covariance: Array
    unanswered: int
    mean_weight: float = 1.0

    @property
    def total(self) -> int:
        """Rows used."""
        return int(self.rows.sum())

    @cached_property
    def n_pairs(self) -> Array:
        """(p, p) rows that answered both items; on the diagonal, the one."""
        return np.asarray((self.seen * self.rows[:, None]).T @ self.seen)

    @property
    def share_missing(self) -> float:
        """Share of the answers that rows with any answer lack."""
        return 1 - float(self.n_pairs.diagonal().sum()) / (self.total * self.seen.shape[1])

    @cached_property
    def item_moments(self) -> tuple[Array, Array]:
        """(p,) mean and variance of each item over all who answered it: the model in which items do not covary."""
        weight = self.n[:, None] * self.seen
        n = np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
        mean = (weight * self.mean).sum(axis=0) / n
        own = np.diagonal(self.covariance, axis1=1, axis2=2) + (self.mean - mean) ** 2
        return mean, (weight * own).sum(axis=0) / n

    @cached_property
    def item_log_likelihood(self) -> float:
        """Of the model in which items do not covary."""
        n = (self.n[:, None] * self.seen).sum(axis=0)
        return float(-0.5 * (n * (np.log(2 * np.pi) + np.log(self.item_moments[1]) + 1)).sum())

    def in_units(self, unit: Array) -> Patterns:
        """The same answers divided by a unit each."""
        return replace(self, mean=self.mean / unit, covariance=self.covariance / np.outer(unit, unit))


def group_rows(parts: Iterable[Rows]) -> Patterns:
    """Patterns of the rows, from one pass.

    >>> nan = float("nan")
    >>> found = group_rows([(np.array([[1, 2], [3, 4], [nan, 5], [nan, nan]]), None, None)])
    >>> found.rows.tolist(), found.seen.tolist(), found.unanswered
    ([1, 2], [[False, True], [True, True]], 1)
    """
    sums: dict[bytes, _Sum] = {}
    unanswered, origin = 0, np.zeros(0)
    for values, weights, _ in parts:
        if not len(origin):
            origin = _near(values)
        for seen, rows in alike(values):
            if not seen.any():
                unanswered += len(rows)
                continue
            own = _Sum.of(values[rows], origin, seen, None if weights is None else weights[rows])
            key = seen.tobytes()
            sums[key] = sums[key] + own if key in sums else own
    return _patterns([sums[key] for key in sorted(sums)], origin, unanswered)


def _near(values: Array) -> Array:
    """(p,) means of what there is, so that sums of squares stay small."""
    count = (~np.isnan(values)).sum(axis=0)
    return np.asarray(np.nan_to_num(values).sum(axis=0) / np.maximum(count, 1))


def alike(values: Array) -> Iterator[tuple[Array, Array]]:
    """Each pattern of a part, and the places of its rows."""
    if not len(values):
        return
    seen = ~np.isnan(values)
    packed = np.packbits(seen, axis=1)
    order = np.lexsort(packed.T)
    bounds = np.flatnonzero((packed[order][1:] != packed[order][:-1]).any(axis=1)) + 1
    for rows in np.split(order, bounds):
        yield seen[rows[0]], rows


@dataclass(frozen=True, eq=False)
class _Sum:
    """Sums of a pattern's rows about an origin."""

    seen: Array
    rows: int
    n: float
    total: Array
    gram: Array

    @classmethod
    def of(cls, values: Array, origin: Array, seen: Array, weights: Array | None) -> _Sum:
        z = np.where(seen, values - origin, 0.0)
        scaled = z if weights is None else z * weights[:, None]
        n = float(len(z)) if weights is None else float(weights.sum())
        return cls(seen, len(z), n, scaled.sum(axis=0), scaled.T @ z)

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(
            self.seen, self.rows + other.rows, self.n + other.n, self.total + other.total, self.gram + other.gram
        )


def _patterns(sums: list[_Sum], origin: Array, unanswered: int) -> Patterns:
    p = len(origin)
    rows, n = np.array([each.rows for each in sums], dtype=int), np.array([each.n for each in sums])
    seen = np.array([each.seen for each in sums]).reshape(-1, p).astype(bool)
    away = np.array([each.total / each.n for each in sums]).reshape(-1, p)
    grams = np.array([each.gram / each.n for each in sums]).reshape(-1, p, p)
    mean_weight = float(n.sum() / rows.sum()) if len(rows) else 1.0
    covariance = grams - away[:, :, None] * away[:, None, :]
    return Patterns(
        seen, rows, n / mean_weight, np.where(seen, away + origin, 0.0), covariance, unanswered, mean_weight
    )


# --- the likelihood ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Turned:
    """All patterns under one mean and covariance.

    Attributes
    ----------
    deviance : -2 log L
    by_covariance, by_mean : (p, p) G and (p,) g of the module's words
    """

    patterns: Patterns
    mean: Array
    covariance: Array
    deviance: float
    by_covariance: Array
    by_mean: Array

    def curvature(self, *, observed: bool) -> Array:
        """(p² + p, p² + p) information of Sigma and mu per pair of directions: observed, or expected given the patterns.

        Of directions A and B of Sigma, a and b of mu: ``sum n_j (½ tr(A W B (2 W T W - W)) + d'W A W b + a'W b)``; expected
        ``sum n_j (½ tr(A W B W) + a'W b)``.
        """
        p = len(self.mean)
        crossed, mixed, own = np.zeros((p * p, p * p)), np.zeros((p, p * p)), np.zeros((p, p))
        for part in _parts(self.patterns, self.mean, self.covariance):
            flat = (part.n[:, None, None] * part.inverse).reshape(len(part.n), -1)
            beside = part.spread - part.inverse / 2 if observed else part.inverse / 2
            crossed += flat.T @ beside.reshape(len(part.n), -1)
            mixed += part.pull.T @ flat
            own += np.tensordot(part.n, part.inverse, 1)
        both = crossed.reshape(p, p, p, p).transpose(2, 0, 1, 3).reshape(p * p, p * p)
        off = mixed.reshape(p * p, p) if observed else np.zeros((p * p, p))
        return np.block([[(both + both.T) / 2, off], [off.T, own]])


@dataclass(frozen=True, eq=False)
class _Part:
    """Some patterns: (j,) n, (j, p, p) W and W T W, (j, p) W d, and -2 log L."""

    n: Array
    inverse: Array
    spread: Array
    pull: Array
    deviance: float


def _parts(patterns: Patterns, mean: Array, covariance: Array) -> Iterator[_Part]:
    """A few patterns at a time, each inverted as a whole with 1 on the diagonal where an item is lacking."""
    eye = np.eye(len(mean))
    for first in range(0, len(patterns.n), _FEW):
        own = slice(first, first + _FEW)
        n, seen = patterns.n[own], patterns.seen[own]
        both = seen[:, :, None] & seen[:, None, :]
        padded = np.where(both, covariance, eye)
        w = np.linalg.inv(padded) * both
        w = (w + w.transpose(0, 2, 1)) / 2
        off = (patterns.mean[own] - mean) * seen
        about = patterns.covariance[own] + off[:, :, None] * off[:, None, :]
        fit = np.linalg.slogdet(padded)[1] + (about * w).sum(axis=(1, 2)) + np.log(2 * np.pi) * seen.sum(axis=1)
        yield _Part(n, w, w @ about @ w, (w @ off[:, :, None])[:, :, 0], float(n @ fit))


def turn(patterns: Patterns, mean: Array, covariance: Array) -> Turned | None:
    """The patterns under a mean and a covariance; None where that is not positive definite."""
    if inverse_and_log_det(covariance) is None:
        return None
    deviance, by_covariance, by_mean = 0.0, np.zeros_like(covariance), np.zeros_like(mean)
    for part in _parts(patterns, mean, covariance):
        deviance += part.deviance
        by_covariance += np.tensordot(part.n, part.inverse - part.spread, 1)
        by_mean += part.n @ part.pull
    return Turned(patterns, mean, covariance, deviance, by_covariance, by_mean)


# --- the saturated model -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SaturatedFit:
    """The most likely (p,) mean and (p, p) covariance; ``deviance`` -2 log L; ``converged`` False where there are none."""

    mean: Array
    covariance: Array
    deviance: float
    steps: int
    converged: bool


def fit_saturated(patterns: Patterns) -> SaturatedFit:
    """Means and covariances by EM, made faster by extrapolation (SQUAREM).

    Parameters
    ----------
    patterns : from :func:`group_rows`; every item has a variance

    Notes
    -----
    Under answers that are missing at random these are what complete answers would have given, but for chance. The
    covariance of two items that nobody answered together is not in the likelihood; it is left where the others put it.

    References
    ----------
    Dempster, Laird and Rubin (1977), Journal of the Royal Statistical Society B 39, 1-38,
    doi:10.1111/j.2517-6161.1977.tb01600.x. Varadhan and Roland (2008), Scandinavian Journal of Statistics 35, 335-353,
    doi:10.1111/j.1467-9469.2007.00585.x.

    Examples
    --------
    Who scored 4 or more on the first item was not asked the second, which rises with it: its mean is not that of those asked.

    >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> y = np.array([1.0, 3.0, 2.0, np.nan, np.nan, np.nan])
    >>> found = fit_saturated(group_rows([(np.column_stack([x, y]), None, None)]))
    >>> found.mean.round(2).tolist()  # a regression of 1 + .5 x, at x = 3.5
    [3.5, 2.75]
    """
    mean, variance = patterns.item_moments
    unit = np.sqrt(variance)
    own = patterns.in_units(unit)
    now = turn(own, mean / unit, np.eye(len(unit)))
    if now is None:
        raise ValueError("an item has no variance")
    at, steps, converged = _Place(mean / unit, np.eye(len(unit)), now), 0, False
    while steps < _STEPS and not converged:
        first, gain = at.step(own)
        steps += 1
        converged = gain < _CONVERGED * patterns.total
        second = first if first is None or converged else first.step(own)[0]
        if first is None or second is None or second.singular:
            break
        at = second if converged else at.beyond(own, first, second)
    log_units = float(patterns.n @ (patterns.seen @ np.log(unit)))
    return SaturatedFit(
        at.mean * unit, at.covariance * np.outer(unit, unit), at.turned.deviance + 2 * log_units, steps, converged
    )


@dataclass(frozen=True, eq=False)
class _Place:
    """A mean and covariance on the way."""

    mean: Array
    covariance: Array
    turned: Turned

    @property
    def singular(self) -> bool:
        sd = np.sqrt(self.covariance.diagonal())
        return bool(np.linalg.eigvalsh(self.covariance / np.outer(sd, sd))[0] < _FLAT)

    def step(self, patterns: Patterns) -> tuple[_Place | None, float]:
        """After one EM step, and about how much the log-likelihood rises by it."""
        n, slope, by_mean = patterns.total, self.turned.by_covariance, self.turned.by_mean
        moved = self.covariance @ by_mean / n
        turned = -self.covariance @ slope @ self.covariance / n - np.outer(moved, moved)
        gain = float(by_mean @ moved - np.sum(slope * turned) / 2)
        return _Place._at(patterns, self.mean + moved, self.covariance + turned), gain

    def beyond(self, patterns: Patterns, first: _Place, second: _Place) -> _Place:
        """Where the last two steps point to, if that is better than where they led."""
        steps = [(b.mean - a.mean, b.covariance - a.covariance) for a, b in ((self, first), (first, second))]
        bend = tuple(after - before for before, after in zip(*steps, strict=True))
        size, turn_size = (np.sqrt(sum(float((part**2).sum()) for part in each)) for each in (steps[0], bend))
        stretch = size / turn_size if turn_size > 0 else 1.0
        if stretch <= 1:
            return second
        mean, covariance = (
            start + 2 * stretch * step + stretch**2 * turned
            for start, step, turned in zip((self.mean, self.covariance), steps[0], bend, strict=True)
        )
        found = _Place._at(patterns, mean, covariance)
        return second if found is None or found.turned.deviance > second.turned.deviance else found

    @classmethod
    def _at(cls, patterns: Patterns, mean: Array, covariance: Array) -> _Place | None:
        covariance = (covariance + covariance.T) / 2
        turned = turn(patterns, mean, covariance)
        return None if turned is None else cls(mean, covariance, turned)
