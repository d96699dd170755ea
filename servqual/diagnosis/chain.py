"""From levels to gaps, on arrays: expected, believed, standard, delivered, perceived, promised, and the differences between them.

Every number here is a linear function of six levels, so that gaps add up for any data and their errors follow from the covariance
of the levels. Sources that were asked apart add their covariances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from servqual.inference import Spread, independent, t_quantile
from servqual.moments import one_blas_thread

Array = NDArray[Any]
Level = Literal["expected", "believed", "standard", "delivered", "perceived", "promised"]
Finding = Literal["knowledge", "standards", "delivery", "communication", "customer", "perception"]

LEVELS: tuple[Level, ...] = get_args(Level)
CHAIN: tuple[Level, ...] = ("expected", "believed", "standard", "delivered", "perceived")
SIDES: Mapping[Finding, tuple[Level, Level]] = {
    "knowledge": ("believed", "expected"),
    "standards": ("standard", "believed"),
    "delivery": ("delivered", "standard"),
    "communication": ("delivered", "promised"),
    "customer": ("perceived", "expected"),
    "perception": ("perceived", "delivered"),
}


@dataclass(frozen=True, eq=False)
class Part:
    """What one source adds to the errors of r rows of six levels.

    Attributes
    ----------
    covariance : (r, 6, 6); nan where no error can be computed
    df : (r, 6) degrees of freedom of each level, inf for levels that the source says nothing of
    """

    covariance: Array
    df: Array


@dataclass(frozen=True, eq=False)
class LevelRows:
    """Six levels of r rows (items, dimensions, the total), with the errors that their sources bring.

    Attributes
    ----------
    value : (r, 6), nan where a level was not measured
    n : (r, 6) answers, reviewers or visits behind each level
    parts : one for each source; sources are independent of each other
    """

    value: Array
    n: Array
    parts: tuple[Part, ...]

    def differences(self, pairs: Sequence[tuple[Level, Level]]) -> Differences:
        """First minus second level of every pair, for all rows."""
        first, second = (np.array([LEVELS.index(pair[k]) for pair in pairs], dtype=int) for k in (0, 1))
        value = self.value[:, first] - self.value[:, second]
        covariances = [_between(part.covariance, first, second) for part in self.parts]
        covariance = np.sum(covariances, axis=0)
        df = np.stack([self._df(k, first[k], second[k], covariances) for k in range(len(pairs))], axis=1)
        used = np.unique(np.concatenate([first, second]))
        sources = tuple(
            (each, part.df[:, used].min(axis=1)) for each, part in zip(covariances, self.parts, strict=True)
        )
        return Differences(value, covariance, df, self.n[:, first], self.n[:, second], sources)

    def silent(self, pairs: Sequence[tuple[Level, Level]]) -> Array:
        """(r, g) the level of each pair that nobody gave for a row, "" where both are known."""
        unknown = np.isnan(self.value)
        lacking = [[next((name for name in pair if row[LEVELS.index(name)]), "") for pair in pairs] for row in unknown]
        return np.array(lacking, dtype=object).reshape(len(unknown), len(pairs))

    def _df(self, k: int, first: int, second: int, covariances: Sequence[Array]) -> Array:
        """(r,) Satterthwaite's degrees of freedom of the k-th pair."""
        spreads = []
        for part, covariance in zip(self.parts, covariances, strict=True):
            variance = np.clip(covariance[:, k, k], 0, None)
            spreads.append(Spread(np.diag(np.nan_to_num(variance)), part.df[:, [first, second]].min(axis=1)))
        df = independent(spreads).df
        return np.where(np.isfinite(self.value[:, first] - self.value[:, second]), df, 0.0)


def _between(covariance: Array, first: Array, second: Array) -> Array:
    """(r, g, g) covariance of first minus second levels; levels that no pair uses do not touch it."""
    rows = covariance[:, first] - covariance[:, second]
    return np.asarray(rows[:, :, first] - rows[:, :, second])


@dataclass(frozen=True, eq=False)
class Differences:
    """Gaps of r rows: (r, g) values, (r, g, g) covariance, (r, g) degrees of freedom and answers on both sides; and what each source
    brings to the covariance, with the (r,) degrees of freedom that it knows it by."""

    value: Array
    covariance: Array
    df: Array
    n_first: Array
    n_second: Array
    sources: tuple[tuple[Array, Array], ...] = ()

    @property
    def se(self) -> Array:
        """(r, g) standard errors; nan where none can be computed."""
        variance = np.diagonal(self.covariance, axis1=1, axis2=2)
        se = np.sqrt(np.clip(variance, 0, None))
        return np.where((self.df > 0) & np.isfinite(self.value), se, np.nan)


def delivered(low: float, standard: Array, kept: Array) -> Array:
    """(k,) the service given: the scale's lowest level, and above it the share kept of what the standard adds.

    >>> delivered(1, np.array([7.0, 7.0]), np.array([1.0, 0.5])).tolist()
    [7.0, 4.0]
    """
    return np.asarray(low + kept * (standard - low))


def standard_and_delivered(
    low: float, standard: Array, kept: Array, standard_covariance: Array, kept_covariance: Array
) -> tuple[Array, Array]:
    """(2k, 2k) covariances of k standards followed by k delivered levels: what standards bring, and what inspections bring.

    The delta method: ``D = low + kept (S − low)`` moves by ``kept`` per point of S and by ``S − low`` per unit of ``kept``; what
    both errors do together is of second order and left out.
    """
    k = len(standard)
    slope = np.concatenate([np.eye(k), np.diag(kept)])
    ours = slope @ standard_covariance @ slope.T
    theirs = np.zeros((2 * k, 2 * k))
    theirs[k:, k:] = kept_covariance * np.outer(standard - low, standard - low)
    return ours, theirs


def share_interval(
    top: Array, bottom: Array, top_variance: Array, bottom_variance: Array, both: Array, df: Array, level: float
) -> tuple[Array, Array]:
    """Fieller's interval of ``top/bottom``; nan where the bottom is not clearly different from 0.

    Parameters
    ----------
    top, bottom : estimates
    top_variance, bottom_variance, both : their variances and covariance
    df : degrees of freedom of t
    level : confidence

    Notes
    -----
    All θ for which ``top − θ bottom`` is no further from 0 than t of its standard errors. Where the bottom is within t of its own
    error from 0 that is no interval any more, and there is nothing to divide by.

    References
    ----------
    Fieller (1954), J. R. Statist. Soc. B 16, 175-185. Checked against normal draws, and by simulation of its coverage
    (tests/test_diagnosis.py).

    Examples
    --------
    >>> one, still = np.array([1.0]), np.array([np.inf])
    >>> [round(float(x[0]), 3) for x in share_interval(one, -2 * one, 0.01 * one, 0.01 * one, 0 * one, still, 0.95)]
    [-0.615, -0.395]
    """
    square = t_quantile(df, level) ** 2
    a = bottom**2 - square * bottom_variance
    b = top * bottom - square * both
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.clip(b**2 - a * (top**2 - square * top_variance), 0, None))
        low, high = (np.where(a > 0, (b + sign * root) / a, np.nan) for sign in (-1, 1))
    return low, high


def chances_of_largest_loss(
    value: Array, sources: Sequence[tuple[Array, Array]], *, draws: int = 20_000, seed: int = 0
) -> Array:
    """(r, g) chance that each of g gaps of a row is the lowest of them, and below 0.

    Parameters
    ----------
    value : (r, g) gaps
    sources : of each independent source the (r, g, g) covariance that it brings, and the (r,) degrees of freedom it was estimated with
    draws, seed : of joint draws about the estimates; the same serve all rows

    Notes
    -----
    A source's errors are drawn as multivariate t with its own degrees of freedom: four reviewers know their error badly, and normal
    draws would make them out to be surer than their interval is. What is missing to 1 in a row is the chance that nothing is lost
    at all. Rows with an unknown error have none (nan). Checked against exact normal integrals and scipy's t, and by simulation of
    whether stated chances come true (tests/test_diagnosis.py).

    >>> value, covariance = np.array([[-0.5, -0.3]]), np.array([np.diag([0.01, 0.01])])
    >>> chances_of_largest_loss(value, [(covariance, np.array([np.inf]))], seed=1).round(
    ...     2
    ... ).tolist()  # Φ(0.2/√0.02) = 0.921
    [[0.92, 0.08]]
    >>> chances_of_largest_loss(value, [(covariance, np.array([3.0]))], seed=1).round(
    ...     2
    ... ).tolist()  # t with 3 degrees of freedom
    [[0.87, 0.13]]
    """
    generator, size = np.random.default_rng(seed), value.shape[1]
    normal = [generator.standard_normal((draws, size)) for _ in sources]
    known = np.isfinite(value).all(axis=1)
    for covariance, df in sources:
        known &= np.isfinite(covariance).all(axis=(1, 2)) & ((df > 0) | ~covariance.any(axis=(1, 2)))
    out = np.full(value.shape, np.nan)
    with one_blas_thread():
        for row in np.flatnonzero(known):
            drawn = np.tile(value[row], (draws, 1))
            for k, (covariance, df) in enumerate(sources):
                if not covariance[row].any():
                    continue
                roots, vectors = np.linalg.eigh(covariance[row])
                wide = _wider(float(df[row]), draws, [seed, k])
                drawn += wide * (normal[k] @ (vectors * np.sqrt(np.clip(roots, 0, None))).T)
            least = drawn.argmin(axis=1)
            lost = drawn[np.arange(draws), least] < 0
            out[row] = np.bincount(least[lost], minlength=size) / draws
    return out


def _wider(df: float, draws: int, seed: Sequence[int]) -> Array:
    """(draws, 1) factors that make normal draws t with these degrees of freedom."""
    if not np.isfinite(df):
        return np.ones((draws, 1))
    return np.asarray(np.sqrt(df / np.random.default_rng(seed).chisquare(df, (draws, 1))))
