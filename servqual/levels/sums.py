"""What lies between groups, and what within? One-way analysis of variance of many columns at once, from each group's sums.

All of it are functions on small arrays: n, means and products of deviations for each group. A store's 20 customers and a chain's
million cost the same once these are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.inference import t_quantile

Array = NDArray[Any]

_INSIDE = 1 - 1e-9  # just inside the smallest ρ that groups can have
_LEAST = 1e-3  # ratio of mean squares under which the jackknife's logarithm is cut
_FAR = 500.0  # a logarithm beyond which ρ is 1 to the last digit
_HALVINGS = 100  # of an interval no longer than 2: far below the last digit of a float


@dataclass(frozen=True, eq=False)
class GroupSums:
    """n, means and deviations of the respondents of each group.

    Attributes
    ----------
    n : (g,) respondents, 1 or more
    mean : (g, k) means
    within : (g, k, k) sums of squares and products of deviations from the group's own mean

    Examples
    --------
    >>> sums = GroupSums.of_rows(np.array([[1.0], [3.0], [4.0], [8.0]]), np.array([0, 0, 1, 1]))
    >>> sums.mean.tolist(), sums.within.ravel().tolist()
    ([[2.0], [6.0]], [2.0, 8.0])
    """

    n: Array
    mean: Array
    within: Array

    @classmethod
    def of_rows(cls, values: Array, group: Array) -> GroupSums:
        """From (n, k) values without gaps and the (n,) number of each row's group, 0 to g − 1."""
        groups = int(group.max()) + 1
        n = np.bincount(group, minlength=groups).astype(float)
        mean = np.zeros((groups, values.shape[1]))
        np.add.at(mean, group, values)
        mean /= n[:, None]
        away = values - mean[group]
        within = np.zeros((groups, values.shape[1], values.shape[1]))
        np.add.at(within, group, away[:, :, None] * away[:, None, :])
        return cls(n, mean, within)

    def combined(self, weights: Array) -> GroupSums:
        """The sums of m weighted sums of the columns, ``weights`` (k, m): scores of dimensions from their items."""
        return GroupSums(self.n, self.mean @ weights, weights.T @ self.within @ weights)

    @cached_property
    def split(self) -> Split:
        """The analysis of variance of all groups together."""
        total = self.n.sum()
        away = self.mean - self.n @ self.mean / total
        between = (away * self.n[:, None]).T @ away
        return _split(self.n, total, between, self.within.sum(axis=0))

    def without_each(self) -> Split:
        """The same with one group left out in turn: everything has a first axis of length g, for the jackknife."""
        n, total = self.n, self.n.sum()
        away = self.mean - n @ self.mean / total  # about the mean of all: small numbers, so that nothing is lost below
        raw = n[:, None, None] * away[:, :, None] * away[:, None, :]
        rest = total - n
        shift = -n[:, None] * away / rest[:, None]  # mean of the others about the mean of all
        between = raw.sum(axis=0) - raw - rest[:, None, None] * shift[:, :, None] * shift[:, None, :]
        within = self.within.sum(axis=0) - self.within
        typical = (rest - ((n**2).sum() - n**2) / rest) / (len(n) - 2)
        return Split(len(n) - 2, rest - (len(n) - 1), typical, between, within)


@dataclass(frozen=True, eq=False)
class Split:
    """Sums of squares and products between and within groups, and what follows from them.

    Attributes
    ----------
    df1, df2 : degrees of freedom, groups less one and respondents less groups
    n0 : the size that groups of unequal size stand for, ``(N − Σ n²/N)/(g − 1)``; the size itself where all are equal
    ss_between, ss_within : (..., k, k) they add up to the sums about the mean of all
    """

    df1: float
    df2: Any
    n0: Any
    ss_between: Array
    ss_within: Array

    @property
    def ms_between(self) -> Array:
        """(..., k, k) mean squares and products between groups."""
        return self.ss_between / self.df1

    @property
    def within(self) -> Array:
        """(..., k, k) covariance of respondents of one group, pooled over groups."""
        with np.errstate(
            invalid="ignore", divide="ignore"
        ):  # without the only group of several members nothing is left
            return np.asarray(self.ss_within / _beside(self.df2))

    @property
    def between(self) -> Array:
        """(..., k, k) covariance of the groups' true means, unbiased: ``(MS between − MS within)/n0``, perhaps not positive."""
        return (self.ms_between - self.within) / _beside(self.n0)

    @property
    def icc1(self) -> Array:
        """(..., k) share of the variance that lies between groups; negative where they differ less than chance would have it."""
        between, within = _diagonal(self.between), _diagonal(self.within)
        total = between + within
        return np.divide(between, total, out=np.full(total.shape, np.nan), where=total > 0)

    @property
    def f(self) -> Array:
        """(..., k) F of the test that groups do not differ."""
        between, within = _diagonal(self.ms_between), _diagonal(self.within)
        return np.divide(between, within, out=np.full(within.shape, np.nan), where=within > 0)

    @property
    def between_correlation(self) -> Array:
        """(..., k, k) correlations of the groups' true means, error taken out; nan where groups do not differ. May exceed 1."""
        variance = _diagonal(self.between)
        spread = np.sqrt(np.where(variance > 0, variance, np.nan))
        return np.asarray(self.between / (spread[..., :, None] * spread[..., None, :]))


def _split(n: Array, total: float, between: Array, within: Array) -> Split:
    groups = len(n)
    return Split(groups - 1, total - groups, (total - (n**2).sum() / total) / (groups - 1), between, within)


def _beside(number: Any) -> Any:
    """A number for each group left out, beside matrices."""
    return number[:, None, None] if np.ndim(number) else number


def _diagonal(matrix: Array) -> Array:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def mean_reliability(icc1: Any, n: Any) -> Any:
    """ICC(2): reliability of the mean of n members, ``n ρ/(1 + (n − 1) ρ)`` (Spearman and Brown).

    >>> round(float(mean_reliability(0.1, 20)), 3)
    0.69
    """
    return n * icc1 / (1 + (n - 1) * icc1)


def members_needed(icc1: Any, wanted: float) -> Array:
    """Members whose mean has the wanted reliability, ``R (1 − ρ)/(ρ (1 − R))`` rounded up; infinite where ρ is not above 0.

    >>> members_needed(np.array([0.1, 0.2, 0.0]), 0.8).tolist()
    [36.0, 16.0, inf]
    """
    rho = np.asarray(icc1, dtype=float)
    above = np.where(rho > 0, rho, 1.0)
    number = np.maximum(np.ceil(wanted * (1 - above) / (above * (1 - wanted)) - 1e-9), 1.0)
    return np.where(np.isnan(rho), np.nan, np.where(rho > 0, number, np.inf))


def icc_interval(n: Array, mean: Array, ms_within: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Interval of ICC(1), exact for normal answers whatever the sizes of the groups; Searle's where these are equal.

    Parameters
    ----------
    n, mean : (g,) members and (g, k) means of the groups
    ms_within : (k,) pooled variances within groups
    level : confidence

    Returns
    -------
    low, high : (k,) bounds, which may be negative; nan where nothing varies within groups

    Notes
    -----
    With ``θ = ρ/(1 − ρ)`` and weights ``w = n/(1 + n θ)`` the ratio ``H(θ) = Σ w (m − m̄_w)²/((g − 1) MS within)`` has an F
    distribution with g − 1 and N − g degrees of freedom where θ is the truth, and falls as θ rises. The bounds are the θ at which
    it meets the quantiles of F. Where even the smallest possible ρ, ``−1/(n_max − 1)``, does not reach one, the bound lies there.

    References
    ----------
    Wald (1940), Annals of Mathematical Statistics 11, 96-100. Harville and Fenech (1985), Biometrics
    41, 137-152, doi:10.2307/2530650. Equal sizes: Searle (1971), Linear Models, Wiley, ch. 9.

    Examples
    --------
    >>> low, high = icc_interval(np.full(3, 4.0), np.array([[1.0], [2.0], [4.0]]), np.array([1.0]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.137, 0.989)
    """
    from scipy.special import fdtri

    df1, df2 = len(n) - 1, n.sum() - len(n)
    critical = [float(fdtri(df1, df2, share)) for share in ((1 + level) / 2, (1 - level) / 2)]
    varies = ms_within > 0
    bounds = [
        np.where(varies, _where_ratio_is(n, mean, np.where(varies, ms_within, 1.0), each), np.nan) for each in critical
    ]
    return bounds[0], bounds[1]


def _where_ratio_is(n: Array, mean: Array, ms_within: Array, wanted: float) -> Array:
    """(k,) ρ at which the ratio has a value, by halving: it falls as ρ rises."""
    low = np.full(mean.shape[1], -_INSIDE / (n.max() - 1))
    high = np.ones(mean.shape[1])
    for _ in range(_HALVINGS):
        rho = (low + high) / 2
        weight = n[:, None] * (1 - rho) / (1 + (n[:, None] - 1) * rho)
        centre = (weight * mean).sum(axis=0) / weight.sum(axis=0)
        ratio = (weight * (mean - centre) ** 2).sum(axis=0) / ((len(n) - 1) * ms_within)
        low, high = np.where(ratio > wanted, rho, low), np.where(ratio > wanted, high, rho)
    return (low + high) / 2


def jackknife_icc(sums: GroupSums, level: float = 0.95) -> tuple[Array, Array]:
    """Interval of ICC(1) by leaving out one group after the other: true differences between groups need not be normal.

    Student's t around ``log(1 + n0 θ)``, the logarithm of F, with ``θ = ρ/(1 − ρ)`` and g − 1 degrees of freedom.

    Parameters
    ----------
    sums : of three groups or more
    level : confidence

    Returns
    -------
    low, high : (k,) bounds, which may be negative; nan where nothing varies within groups

    References
    ----------
    Arvesen (1969), Annals of Mathematical Statistics 40, 2076-2100. Arvesen and Schmitz (1970), Biometrics 26, 677-686, for the
    logarithm.

    Examples
    --------
    >>> rows, group = np.array([[2.0], [3.0], [1.0], [4.0], [5.0], [4.0], [7.0], [6.0], [6.0]]), np.repeat([0, 1, 2], 3)
    >>> low, high = jackknife_icc(GroupSums.of_rows(rows, group))
    >>> bool(low[0] < GroupSums.of_rows(rows, group).split.icc1[0] < high[0])
    True
    """
    whole = sums.split
    value, parts = (_log_ratio(each, float(whole.n0)) for each in (whole, sums.without_each()))
    bounds = []
    for bound in jackknife_interval(value, parts, level):
        theta = np.expm1(np.minimum(bound, _FAR)) / whole.n0
        bounds.append(theta / (1 + theta))
    return bounds[0], bounds[1]


def _log_ratio(split: Split, n0: float) -> Array:
    """(..., k) log(1 + n0 θ); nan where nothing varies within groups."""
    between, within = _diagonal(split.between), _diagonal(split.within)
    theta = np.divide(between, within, out=np.full(within.shape, np.nan), where=within > 0)
    return np.log(np.maximum(1 + n0 * theta, _LEAST))


def jackknife_interval(value: Array, without_each: Array, level: float) -> tuple[Array, Array]:
    """Student's t interval with the jackknife's error, ``(g − 1)/g Σ (v_i − v̄)²``; nan where a value is missing in a part.

    >>> low, high = jackknife_interval(np.array(2.0), np.array([1.5, 2.0, 2.5]), 0.95)
    >>> round(float(low), 2), round(float(high), 2)
    (-0.48, 4.48)
    """
    groups = len(without_each)
    away = without_each - without_each.mean(axis=0)
    se = np.sqrt((groups - 1) / groups * (away**2).sum(axis=0))
    half = t_quantile(np.asarray(groups - 1.0), level) * se
    return np.asarray(value - half), np.asarray(value + half)


def within_agreement(n: Array, variances: Array, categories: int) -> Array:
    """r_wg(j) of each group: how much less its members differ than if they answered at random, all answers alike likely.

    ``r = J (1 − s²/σ²)/(J (1 − s²/σ²) + s²/σ²)``, with s² the mean variance of J items in the group and ``σ² = (A² − 1)/12`` of A
    answers; 0 where s² is not below σ², as its authors advise. For one item it is ``1 − s²/σ²``.

    Parameters
    ----------
    n, variances : (g,) members and (g, J) variances of the items among them
    categories : A, how many answers there are

    Returns
    -------
    (g,) nan for groups of one

    Notes
    -----
    It rises with J by itself, and σ² supposes that without agreement all answers are equally likely: where everybody ticks the
    upper end anyway it is too high. It compares nothing between groups; ICC(1) does.

    References
    ----------
    James, Demaree and Wolf (1984), Journal of Applied Psychology 69, 85-98, doi:10.1037/0021-9010.69.1.85. Its limits: LeBreton
    and Senter (2008), Organizational Research Methods 11, 815-852, doi:10.1177/1094428106296642.

    Examples
    --------
    >>> within_agreement(np.array([5.0]), np.array([[1.0, 1.0, 1.0, 1.0]]), 7).round(3).tolist()
    [0.923]
    """
    items = variances.shape[1]
    share = np.minimum(variances.mean(axis=1) / ((categories**2 - 1) / 12), 1.0)
    return np.where(n > 1, items * (1 - share) / (items * (1 - share) + share), np.nan)
