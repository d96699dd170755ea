"""What can be said of one store from few interviews? Raw means, means pulled towards the tier, and ranks with intervals.

Five interviews measure a store badly: a good part of the differences between store means is luck. How large a part can be
learned from all stores together. Each mean is then pulled towards the mean of its tier, the more so the less it can be
relied on, and a rank comes with the range of ranks that the answers leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.gaps import Expected, score_gaps
from servqual.inference import NUMBER_COLUMNS, REASONS, Interval, Student, t_quantile
from servqual.instruments import Instrument
from servqual.measures import CAUTION, RESERVED, TOTALS, Basis, Measure, Row
from servqual.moments import NOT_STATED
from servqual.remarks import base_remark, pairing_remark
from servqual.responses import Responses
from servqual.tabulation import row_numbers
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Of = Literal["gap", "perception"]
StoreValue = Literal["gap", "perception", "score"]  # scores of visits (servqual.mystery) stand in the same table

_COARSE, _FINE = 1001, 160  # points that look for the mass of tau, and Gauss-Legendre points on it
_FAR = 40.0  # log units below the peak that are left out
_PART = 500  # simulated rankings at a time
_ROOM = 2_000_000  # numbers held at once
_SURE = 1 / 3  # reliability under which stores lie near their group's mean
_ENOUGH_STORES = 10  # below it the spread between stores is a guess

_MODEL_COLUMNS = (
    *("flag", "reliability", "toward", "shrunken", "shrunken_se", "shrunken_low", "shrunken_high", "rank", "rank_low"),
    *("rank_high", "below", "among_worst", "shrunken_reason"),
)
STORE_REASONS: Mapping[str, Text] = {
    **REASONS,
    "few stores": {
        "en": "too few stores to learn how stores differ: give between= from an earlier wave",
        "zh": "门店过少，无法估计门店间差异；请用 between= 给出以往调查的数值",
    },
    "no spread": {
        "en": "answers within stores do not vary: nothing to pull",
        "zh": "店内回答没有差异，无须收缩",
    },
    "single": {
        "en": "one answer a store: how answers within a store vary cannot be seen",
        "zh": "每店仅一份回答，无法得知店内回答的差异",
    },
    "no error of E": {
        "en": "the error of the shared expectation cannot be computed",
        "zh": "无法计算共用期望值的误差",
    },
}


# --- the model, on arrays ----------------------------------------------------------------------------------


def between_variance(y: Array, v: Array, group: Array) -> float:
    """Variance between stores by restricted maximum likelihood, about one mean per group.

    Parameters
    ----------
    y, v : (k,) store means and their error variances, taken as known
    group : (k,) number of each store's group (tier), 0 to p - 1

    Returns
    -------
    tau² of ``y_i = m_g(i) + u_i + e_i``, ``var u = tau²``, ``var e_i = v_i``; 0 where stores differ no more than chance.

    Notes
    -----
    The score ``sum w² (y - m)² - (sum w - sum_g sum w²/sum w)`` with ``w = 1/(tau² + v)`` is set to 0. REML pays for the
    estimated tier means (maximum likelihood does not, and comes out low), and with equal n it is the estimate of the
    analysis of variance.

    References
    ----------
    Fay and Herriot (1979), Journal of the American Statistical Association 74, 269-277,
    doi:10.1080/01621459.1979.10482505. Checked against base R's ``uniroot`` and ``optimize`` on the milk data of You and
    Chapman (tests/reference/stores.R), and against analysis of variance for equal n.

    Examples
    --------
    >>> y, v = np.array([1.0, 3.0, 5.0]), np.full(3, 1.0)
    >>> round(between_variance(y, v, np.zeros(3, dtype=int)), 6)  # variance of y less v
    3.0
    """
    from scipy.optimize import brentq

    u = np.arange(_COARSE) / _COARSE
    grid = _reach(v) * (u / (1 - u)) ** 2
    peak = int(np.argmax(_restricted(y, v, group, grid)))
    low, high = grid[max(peak - 1, 0)], grid[min(peak + 1, _COARSE - 1)]
    if peak == 0 and _slope(y, v, group, 0.0) <= 0:
        return 0.0
    return float(brentq(lambda tau2: _slope(y, v, group, tau2), low, high, xtol=1e-14, rtol=1e-13))


def generalised_q(y: Array, v: Array, group: Array, tau2: float) -> float:
    """``Σ (y − m)²/(tau² + v)`` about the groups' weighted means: k − p on average where tau² is the truth.

    It falls as tau² rises. At 0, over k − p, it is the F that :class:`BetweenStores` tests.

    >>> generalised_q(np.array([1.0, 3.0, 5.0]), np.ones(3), np.zeros(3, dtype=int), 3.0)
    2.0
    """
    mean = _group_means(y, v, group, np.array([tau2]))[0][0]
    return float(((y - mean[group]) ** 2 / (tau2 + v)).sum())


def between_interval(y: Array, v: Array, group: Array, df: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of the variance between stores: every tau² that a test of the generalised Q does not reject.

    Parameters
    ----------
    y, v, group : as in :func:`between_variance`
    df : degrees of freedom of the pooled error variances
    level : confidence

    Returns
    -------
    low, high of tau². ``low`` is 0 exactly where the F test that stores do not differ gives p >= 1 − level.

    Notes
    -----
    Viechtbauer's Q profile: ``Q(tau²)/(k − p)`` (:func:`generalised_q`) is held against F with k − p and df degrees of
    freedom, which allows for the error variances being estimates. Both tails together have 1 − level. How they share it
    depends on tau²: too small a Q is refused with probability ``(1 − level)/2 · (g − (1 − level))/level``, too large a Q with
    the rest, where g is the power of the F test at tau², ``P(F > F_crit v/(tau² + v))`` with v the geometric mean of the
    error variances. At 0 only a large Q speaks against tau², so all of it lies there, as in the F test; where the test
    would hardly miss that stores differ, the tails are equal. With equal tails throughout, p = .03 would stand beside an
    interval that holds 0, and a very small Q would leave no tau² at all. Exact for known error variances and
    normal means; for pooled ones at 0 with equal n, else close (docs/store_estimates.md).

    References
    ----------
    Viechtbauer (2007), Statistics in Medicine 26, 37-52, doi:10.1002/sim.2514. Unequal tails: Jackson and Bowden (2016),
    BMC Medical Research Methodology 16, 118, doi:10.1186/s12874-016-0219-y. Checked against the F test, and against roots
    found by halving with scipy's F and statsmodels' weighted means (tests/test_stores.py).

    Examples
    --------
    >>> y, v = np.array([1.0, 3.0, 5.0, 2.0, 6.0]), np.full(5, 1.0)
    >>> low, high = between_interval(y, v, np.zeros(5, dtype=int), 60.0)
    >>> round(low, 3), round(high, 3)
    (0.663, 35.14)
    """
    from scipy.optimize import brentq
    from scipy.special import fdtrc, fdtri

    df1 = len(y) - int(group.max()) - 1
    typical, alpha = _reach(v), 1 - level
    critical = float(fdtri(df1, df, level))

    def lower_tail(tau2: float) -> float:
        power = float(fdtrc(df1, df, critical * typical / (tau2 + typical)))
        return max(alpha / 2 * (power - alpha) / level, 0.0)

    def too_large(tau2: float) -> float:
        return generalised_q(y, v, group, tau2) / df1 - float(fdtri(df1, df, 1 - alpha + lower_tail(tau2)))

    def not_small(tau2: float) -> float:
        return generalised_q(y, v, group, tau2) / df1 - float(fdtri(df1, df, lower_tail(tau2)))

    def root(over: Callable[[float], float]) -> float:
        if over(0.0) <= 0:
            return 0.0
        high = typical
        while over(high) > 0:
            high *= 2
        return float(brentq(over, 0.0, high, xtol=1e-14 * typical, rtol=1e-12))

    return root(too_large), root(not_small)


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the answers say about the stores' true means: a mixture of normals over the values that tau² may have.

    Attributes
    ----------
    tau2, weight : (j,) values of tau² and their probability
    y, v : (k,) store means and error variances
    group : (k,) number of each store's group
    means, errors : (j, p) group means given tau², and their variances
    """

    tau2: Array
    weight: Array
    y: Array
    v: Array
    group: Array
    means: Array
    errors: Array

    @property
    def pull(self) -> Array:
        """(j, k) share of the way from a store's mean to its group's, ``v/(tau² + v)``."""
        return self.v / (self.tau2[:, None] + self.v)

    @property
    def reliability(self) -> Array:
        """(k,) reliability of a store's mean, ``tau²/(tau² + v)``, averaged over tau²."""
        return np.asarray(1 - self.weight @ self.pull)

    @property
    def toward(self) -> Array:
        """(k,) mean of the store's group, averaged over tau²."""
        return np.asarray((self.weight @ self.means)[self.group])

    @property
    def centre(self) -> Array:
        """(j, k) mean of each store given tau²."""
        return self.y - self.pull * (self.y - self.means[:, self.group])

    @property
    def variance(self) -> Array:
        """(j, k) variance of each store given tau²: its own, and what comes with the group's mean."""
        return self.v * (1 - self.pull) + self.pull**2 * self.errors[:, self.group]

    @property
    def mean(self) -> Array:
        """(k,) shrunken means."""
        return np.asarray(self.weight @ self.centre)

    def sd(self, extra: Array | float = 0.0) -> Array:
        """(k,) standard deviation around the shrunken mean; ``extra`` is an independent variance."""
        spread = self.weight @ (self.variance + (self.centre - self.mean) ** 2)
        return np.asarray(np.sqrt(spread + extra))

    def below(self, value: Array, extra: Array | float = 0.0) -> Array:
        """(k,) probability that each store's true mean lies below a value."""
        from scipy.special import ndtr

        return np.asarray(self.weight @ ndtr((value - self.centre) / np.sqrt(self.variance + extra)))

    def quantile(self, share: float, extra: Array | float = 0.0) -> Array:
        """(k,) value below which the true mean lies with this probability, by bisection."""
        sd = np.sqrt(self.variance + extra)
        low, high = (self.centre - 40 * sd).min(axis=0), (self.centre + 40 * sd).max(axis=0)
        for _ in range(80):
            middle = (low + high) / 2
            under = self.below(middle, extra) < share
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return np.asarray((low + high) / 2)

    def draws(self, n: int, generator: np.random.Generator) -> Array:
        """(n, k) true means that the answers leave open, all stores drawn together."""
        j = generator.choice(len(self.weight), size=n, p=self.weight)
        means = generator.normal(self.means[j], np.sqrt(self.errors[j]))
        pull = self.v / (self.tau2[j, None] + self.v)
        centre = self.y - pull * (self.y - means[:, self.group])
        return generator.normal(centre, np.sqrt(self.v * (1 - pull)))


def posterior(y: Array, v: Array, group: Array, between: float | None = None) -> Posterior:
    """True means of stores given their observed means: empirical Bayes that counts the uncertainty of tau² too.

    Parameters
    ----------
    y, v, group : as in :func:`between_variance`
    between : standard deviation between stores, where it is known; otherwise it is integrated over

    Notes
    -----
    Given tau², a store's mean is ``y - B (y - m)`` with ``B = v/(tau² + v)``, its variance ``v (1 - B) + B² var m``. The
    answers rarely pin tau² down, so these are averaged over the restricted likelihood of tau² (a flat prior on tau² >= 0),
    which is what Morris's formulas approximate. An interval with tau² plugged in would be too narrow, and of length
    nearly 0 where the estimate happens to be 0. Proper for k - p >= 3 (stores minus groups).

    References
    ----------
    Morris (1983), Journal of the American Statistical Association 78, 47-55, doi:10.1080/01621459.1983.10477920. Checked
    against the closed form for equal v (a truncated gamma distribution of B), the estimates that R's ``sae`` gives for
    the milk data, and Efron and Morris's baseball players (tests/test_stores.py).

    Examples
    --------
    >>> known = posterior(np.array([1.0, 3.0, 5.0]), np.full(3, 1.0), np.zeros(3, dtype=int), between=1.0)
    >>> known.mean.tolist()  # half way to the mean of 3
    [2.0, 3.0, 4.0]
    """
    tau2, weight = (np.array([between**2]), np.ones(1)) if between is not None else _tau2_weights(y, v, group)
    return Posterior(tau2, weight, y, v, group, *_group_means(y, v, group, tau2))


def _reach(v: Array) -> float:
    return float(np.exp(np.mean(np.log(v))))


def _group_means(y: Array, v: Array, group: Array, tau2: Array) -> tuple[Array, Array]:
    """(j, p) weighted means of the groups and their variances, for (j,) values of tau²."""
    member = (group[:, None] == np.arange(group.max() + 1)).astype(float)
    w = 1 / (tau2[:, None] + v)
    total = w @ member
    return (w * y) @ member / total, 1 / total


def _restricted(y: Array, v: Array, group: Array, tau2: Array) -> Array:
    """(j,) restricted log likelihood of values of tau², up to a constant."""
    parts = []
    for some in np.array_split(tau2, max(1, len(tau2) * len(y) // _ROOM)):
        mean, error = _group_means(y, v, group, some)
        total = some[:, None] + v
        rest = np.log(total).sum(axis=1) - np.log(error).sum(axis=1) + ((y - mean[:, group]) ** 2 / total).sum(axis=1)
        parts.append(-rest / 2)
    return np.concatenate(parts)


def _slope(y: Array, v: Array, group: Array, tau2: float) -> float:
    """Twice the derivative of the restricted log likelihood."""
    w = 1 / (tau2 + v)
    mean, error = (part[0] for part in _group_means(y, v, group, np.array([tau2])))
    return float((w**2 * (y - mean[group]) ** 2).sum() - w.sum() + (np.bincount(group, w**2) * error).sum())


def _tau2_weights(y: Array, v: Array, group: Array) -> tuple[Array, Array]:
    """(j,) values of tau² and their probabilities, from the restricted likelihood under a flat prior on tau².

    With ``tau² = reach (u/(1 - u))²`` the integrand stays bounded over 0 < u < 1 for k - p >= 3, however heavy its tail.
    """
    reach = _reach(v)

    def log_density(u: Array) -> Array:
        return _restricted(y, v, group, reach * (u / (1 - u)) ** 2) + np.log(u) - 3 * np.log1p(-u)

    coarse = (np.arange(_COARSE) + 0.5) / _COARSE
    height = log_density(coarse)
    inside = np.flatnonzero(height > height.max() - _FAR)
    low, high = max(inside[0] - 1, 0) / _COARSE, min(inside[-1] + 2, _COARSE) / _COARSE
    node, weight = _gauss_legendre()
    u = low + (high - low) * (node + 1) / 2
    height = log_density(u)
    weight = weight * np.exp(height - height.max())
    return reach * (u / (1 - u)) ** 2, weight / weight.sum()


@cache
def _gauss_legendre() -> tuple[Array, Array]:
    """(j,) points and weights on (-1, 1)."""
    return np.polynomial.legendre.leggauss(_FINE)


def rank_draws(truths: Array) -> Array:
    """(n, k) ranks in each row, 1 for the highest.

    >>> rank_draws(np.array([[0.2, 0.9, 0.5]])).tolist()
    [[3, 1, 2]]
    """
    order = np.argsort(-truths, axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.arange(1, truths.shape[1] + 1, dtype=np.int32)[None, :], axis=1)
    return ranks


# --- from answers to the model -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ObservedStores:
    """What is observed of k stores.

    Attributes
    ----------
    labels, rows : the stores, and their rows of the gap table
    group, groups : (k,) number of the group, and the groups' names
    y : (k,) the part that is each store's own: perception where the expectation is shared, else the gap
    own, df, share : (k, s) error variance, its degrees of freedom and ``sum w²/(sum w)²`` in each file
    level : (k,) what is taken off for the level (the shared expectation), else 0
    kind, error : (k,) which levels are the same estimate, and (u, u) the covariance of these
    lines : the numbers that the gap table gives
    interviews : (k,) answers of the store's own people, of the form that fewer answered
    """

    labels: list[Any]
    rows: list[Row]
    group: Array
    groups: list[Any]
    y: Array
    own: Array
    df: Array
    share: Array
    level: Array
    kind: Array
    error: Array
    lines: pd.DataFrame
    interviews: Array

    @property
    def usable(self) -> Array:
        """(k,) True for stores with answers on all sides."""
        return np.isfinite(self.y) & (self.share > 0).all(axis=1) & np.isfinite(self.share).all(axis=1)

    def pooled(self) -> tuple[Array, float]:
        """(k,) error variances with the variance within stores pooled per group, and the pool's degrees of freedom.

        The variance of five answers is itself a guess: taken as it is, it would let lucky stores look precise. A group
        without degrees of freedom of its own borrows the pool of all.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            within = np.where(self.df > 0, self.own / self.share, 0.0)
        everywhere = _ratio((self.df * within).sum(axis=0), self.df.sum(axis=0))
        v = np.zeros(len(self.y))
        for number in range(len(self.groups)):
            inside = self.group == number
            df = self.df[inside].sum(axis=0)
            pool = np.where(df > 0, _ratio((self.df * within)[inside].sum(axis=0), df), everywhere)
            v[inside] = np.nansum(self.share[inside] * pool, axis=1)
        return v, float(self.df.sum())


def _ratio(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.zeros_like(a, dtype=float), where=b > 0)


def _observed(responses: Responses, basis: Basis, asked: StoreQuestion, interval: Interval) -> ObservedStores:
    """Raw estimates of all stores, and what the model needs to know of them."""
    if basis.shared == "P":
        check_columns([asked.by], responses.frame.columns, responses.source.name)
    labels = [label for label in basis.labels if label[0] != NOT_STATED]
    if not labels:
        raise DataError(f"{responses.source.name}: no row says which {asked.by!r} it belongs to.")
    rows, names = [basis.row(label) for label in labels], [label[0] for label in labels]
    if asked.worst is not None and asked.worst > len(names):
        raise SpecError(f"worst={asked.worst}, but there are {len(names)} of {asked.by!r}: give {len(names)} or fewer.")
    told = group_of_stores(responses.frame, asked.by, asked.within, names, responses.source.name)
    groups = sorted(dict.fromkeys(told), key=_place)
    lines = [row_numbers(basis, row, *basis.spread([(1.0, row)], interval), asked.level) for row in rows]
    own, df, share = (np.array(part) for part in zip(*(_own_error(basis, row, interval) for row in rows), strict=True))
    shared = basis.shared == "E"
    kind, error = np.zeros(len(rows), dtype=int), np.zeros((1, 1))
    if shared:
        kind, error = _shared_error(basis, [rows[k] for k in _in_order(names)], interval, asked.level)
        kind = kind[np.argsort(_in_order(names))]
    return ObservedStores(
        names,
        rows,
        np.array([groups.index(name) for name in told]),
        groups,
        np.array([(row.perception if shared else row.gap)[0] for row in rows], dtype=float),
        own,
        df,
        share,
        np.array([row.expectation[0] if shared else 0.0 for row in rows]),
        kind,
        error,
        pd.DataFrame([{name: line[name][0] for name in line} for line in lines]),
        np.array([min(row.n_perception[0], row.n_perception[0] if shared else row.n_expectation[0]) for row in rows]),
    )


def _place(label: Any) -> tuple[str, str]:
    """Where a label stands when random numbers are handed out, so that the order of rows changes nothing."""
    return str(label), type(label).__name__  # 1 and "1" are two labels


def _in_order(names: Sequence[Any]) -> Array:
    """(k,) positions of the names in the order of their labels."""
    return np.array(sorted(range(len(names)), key=lambda k: _place(names[k])), dtype=int)


def group_of_stores(frame: pd.DataFrame, by: str, within: str | None, names: Sequence[Any], where: str) -> list[Any]:
    """The group of each store; a store in two groups is refused."""
    if within is None:
        return [""] * len(names)
    check_columns([within], frame.columns, where)
    stated = frame[within].astype(object).where(frame[within].notna(), NOT_STATED)
    pairs = pd.DataFrame({by: frame[by], within: stated}).dropna().drop_duplicates()
    counts = pairs[by].value_counts()
    if (counts > 1).any():
        cases = pairs[pairs[by].isin(counts.index[counts > 1])].sort_values(by, kind="stable").reset_index(drop=True)
        listed = ", ".join(str(name) for name in cases[by].unique()[:5])
        raise DataError(
            f"{where}: {cases[by].nunique()} of {by!r} have more than one {within!r} ({listed}). "
            f"Each must lie within one; correct the column, or choose another within=.",
            cases.assign(problem=f"more than one {within}"),
        )
    known = dict(zip(pairs[by], pairs[within], strict=True))
    return [known[name] for name in names]


def _own_error(basis: Basis, row: Row, interval: Interval) -> tuple[list[float], list[float], list[float]]:
    """Error variance, degrees of freedom and ``sum w²/(sum w)²`` of a store's own answers, in each file."""
    variance, df, share = [], [], []
    for source in sorted({basis.sources[letter] for letter in basis.own}):
        terms = tuple(term for term in row.terms if term.domain is not None and term.domain[-1] == source)
        weight, square = 0.0, 0.0
        for term in terms:
            inside, mask = basis.moments.in_domain(term.domain), term.used[0, 0]
            weight += float(basis.moments.total(inside)[0, mask])
            square += float(basis.moments.total(inside, 2)[0, mask])
        spread = basis.spread([(1.0, replace(row, terms=terms, shared=()))], interval)[0] if weight > 0 else None
        variance.append(0.0 if spread is None else float(spread.covariance[0, 0]))
        df.append(0.0 if spread is None else float(spread.df[0]))
        share.append(square / weight**2 if weight > 0 else np.nan)
    return variance, df, share


def _shared_error(basis: Basis, rows: Sequence[Row], interval: Interval, level: float) -> tuple[Array, Array]:
    """Which stores have the same expectation, (k,), and the covariance of these expectations, (u, u).

    Stores served by the same respondents (all of them, or those of one matched value) share it wholly. It is widened by
    ``(t/z)²``, so that a normal distribution has the length of the interval that its degrees of freedom ask for.
    """
    patterns = [tuple((term.domain, term.coefficients.tobytes()) for term in row.shared) for row in rows]
    kinds = list(dict.fromkeys(patterns))
    first = [rows[patterns.index(kind)] for kind in kinds]
    domains = list(dict.fromkeys(term.domain for row in first for term in row.shared))
    terms = []
    for domain in domains:
        found = [next((term for term in row.shared if term.domain == domain), None) for row in first]
        model = next(term for term in found if term is not None)
        none = np.zeros_like(model.coefficients)
        stacked = np.concatenate([none if term is None else term.coefficients for term in found])
        terms.append(replace(model, coefficients=stacked, used=np.repeat(model.used, len(found), axis=0)))
    covariance = interval.spread(basis.moments, terms).covariance
    df = np.array([interval.spread(basis.moments, row.shared).df[0] for row in first])
    widen = t_quantile(df, level) / t_quantile(np.full(len(df), np.inf), level)
    place = np.array([kinds.index(pattern) for pattern in patterns])
    return place, np.asarray(covariance * np.outer(widen, widen))


@dataclass(frozen=True)
class BetweenStores:
    """How far stores differ, and whether that is beyond chance.

    Attributes
    ----------
    tau : standard deviation between stores by REML (or as given)
    low, high : its interval (:func:`between_interval`), from 0 exactly where the test does not reject at 1 − level
    f, df1, df2, p : test that stores of a group do not differ at all; with equal n the F test of a one-way table
    known : True where tau was given
    reliability : of the stores' means on average, over what tau may be: away from 0 even where tau is estimated as 0, since few
        stores leave much of its interval open
    """

    tau: float
    low: float
    high: float
    f: float
    df1: int
    df2: float
    p: float
    known: bool = False
    reliability: float = 0.0

    def sentence(self, language: str = "en", level: float = 0.95) -> str:
        """The differences between stores in words."""
        zh, percent = language == "zh", f"{100 * level:g}%"
        if self.known:
            return (
                f"门店间标准差 τ = {self.tau:.2f}（给定值）"
                if zh
                else f"SD between stores τ = {self.tau:.2f}, as given"
            )
        shown = NUMBER_COLUMNS["p"].show(self.p, language)
        p = f"p < {shown[1:]}" if shown.startswith("<") else f"p = {shown}"
        test = f"F({self.df1}, {self.df2:.0f}) = {self.f:.2f}" if np.isfinite(self.f) else ""
        if zh:
            head = f"门店间标准差 τ = {self.tau:.2f}（REML，{percent} 区间 {self.low:.2f} 至 {self.high:.2f}；{test}，{p}）"
            few = f"；差异未超出偶然波动，但门店过少，τ 至 {self.high:.2f} 均有可能：信度、收缩值、概率与名次按 τ 的各可能取值平均，名次不足为据"
            luck = "；门店间差异未超出偶然波动，收缩后的值接近所属组的均值，名次近于抽签"
        else:
            head = f"SD between stores τ = {self.tau:.2f} (REML, {percent} interval {self.low:.2f} to {self.high:.2f}; {test}, {p})"
            few = (f"; that is no more than chance would have it, but so few stores leave τ open up to {self.high:.2f}: reliabilities, "
                   "shrunken estimates, probabilities and ranks are means over what τ may be, and ranks say little")  # fmt: skip
            luck = "; stores differ no more than chance would have it: shrunken estimates lie near the group's mean, ranks are close to a lottery"
        return head + ((luck if self.reliability < _SURE else few) if self.tau == 0 == self.low else "")


def _differences(model: Posterior, df: float, level: float, known: float | None) -> BetweenStores:
    from scipy.special import fdtrc

    if known is not None:
        return BetweenStores(known, known, known, np.nan, 0, 0.0, np.nan, known=True)
    observed = (model.y, model.v, model.group)
    df1 = len(model.y) - int(model.group.max()) - 1
    f = generalised_q(*observed, 0.0) / df1
    low, high = np.sqrt(between_interval(*observed, df, level))
    tau = np.sqrt(between_variance(*observed))
    return BetweenStores(float(tau), float(low), float(high), f, df1, df, float(fdtrc(df1, df, f)),
                         reliability=float(model.reliability.mean()))  # fmt: skip


# --- the result --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class StoreEstimates(Result):
    """What can be said of each store, one row each.

    Frame columns: the store, its group (``within``), ``expectation, perception`` (for gaps), ``gap`` or ``perception``
    with ``se, low, high, n, df, reason`` as :func:`~servqual.gaps.score_gaps` gives them; ``flag`` ("floor" below the
    floor of interviews); ``reliability`` of the store's mean (0 to 1); ``toward``, the group's mean; ``shrunken`` with
    ``shrunken_se, shrunken_low, shrunken_high``; ``rank`` (expected rank, 1 = best) with ``rank_low, rank_high``;
    ``below`` (probability of a true score under the threshold, where one was given), ``among_worst`` (probability of
    being among the worst), ``shrunken_reason`` where the model gives no number.

    Attributes
    ----------
    by, within : columns of the store and of its group
    of, measure : what is estimated
    minimum, threshold, worst, level, draws, seed : as asked for
    differences : how far stores differ, or None where that could not be learned
    """

    instrument: Instrument | None = None
    by: str = "store"
    within: str | None = None
    by_columns: tuple[Column, ...] = ()
    of: StoreValue = "gap"
    measure: str = "mean"
    minimum: int = 5
    threshold: float | None = None
    worst: int | None = None
    level: float = 0.95
    draws: int = 4000
    seed: int = 0
    differences: BetweenStores | None = None
    interval: Interval = field(default_factory=Student)
    remarks: tuple[Text, ...] = ()
    cautious: bool = False

    @property
    def method(self) -> str:
        """How the intervals of the raw estimates were made, in words."""
        return self.interval.sentence(self.language)

    @property
    def _words(self) -> Mapping[str, Text]:
        """What the keys of ``reason`` and ``shrunken_reason`` say."""
        return STORE_REASONS

    @property
    def _bounds(self) -> Mapping[str, Column]:
        """Bounds are shown with as many digits as what they are bounds of."""
        return {
            name: replace(NUMBER_COLUMNS[name], decimals=NUMBER_COLUMNS[self.of].decimals) for name in ("low", "high")
        }

    def _named(self) -> str:
        words = {**(self.instrument.words() if self.instrument else {}), **TOTALS}
        return say(words.get(self.measure, {"en": self.measure}), self.language)

    def title(self) -> str:
        store, value = self.by_columns[0].heading(self.language), NUMBER_COLUMNS[self.of].heading(self.language)
        if self.language == "zh":
            return f"各{store}的估计：{value}，{self._named()}"
        return f"Estimates by {store}: {value}, {self._named()}"

    def columns(self) -> tuple[Column, ...]:
        raw = (self.of, "low", "high", "n")
        reasons = [name for name in ("reason", "shrunken_reason") if self.frame[name].nunique() > 1]
        return (
            *self.by_columns,
            *(self._bounds.get(name, NUMBER_COLUMNS[name]) for name in raw),
            *_model_columns(self.minimum, self.threshold, self.worst, self.of),
            *(Column(name, _REMARKS[name], "text", self._words) for name in reasons),
        )

    def note(self) -> str:
        language, percent = self.language, f"{100 * self.level:g}%"
        parts = [say(remark, language) for remark in self.remarks]
        if self.differences:
            parts.append(self.differences.sentence(language, self.level))
        for name in ("reason", "shrunken_reason"):
            shared = set(self.frame[name])
            if len(shared) == 1 and shared != {""}:
                said, head = say(self._words[shared.pop()], language), say(_REMARKS[name], language)
                parts.append(f"全部各行（{head}）：{said}" if language == "zh" else f"all rows, {head}: {said}")
        caution = say(CAUTION, language) if self.cautious else ""
        if language == "zh":
            ranks = f"名次 1 为最好，取自 {self.draws:,} 次模拟（种子 {self.seed}）的平均名次"
            return "；".join([*parts, f"{percent} 区间；原始值：{self.method}", ranks]) + "。" + caution
        ranks = f"rank 1 is best, the mean over {self.draws:,} simulated rankings (seed {self.seed})"
        return ("; ".join([*parts, f"{percent} intervals; raw: {self.method}", ranks]) + f". {caution}").rstrip()

    def _row(self, store: Any) -> pd.Series:
        hit = self.frame[self.frame[self.by] == store]
        if hit.empty:
            known = ", ".join(map(str, self.frame[self.by].head(40))) + (", …" if len(self.frame) > 40 else "")
            raise SpecError(f"there is no {self.by} {store!r}. There are: {known}.")
        return hit.iloc[0]

    def estimate(self, store: Any) -> Estimate:
        """The raw estimate of one store."""
        row = self._row(store)
        return Estimate(row[self.of], row["se"], row["low"], row["high"], int(row["n"]), row["df"], self.level,
                        method=self.method, reason=say(self._words[row["reason"]], self.language))  # fmt: skip

    def shrunken(self, store: Any) -> Estimate:
        """The estimate of one store pulled towards its group's mean; its interval is that of the model."""
        row = self._row(store)
        return Estimate(row["shrunken"], row["shrunken_se"], row["shrunken_low"], row["shrunken_high"], int(row["n"]),
                        np.nan, self.level, reason=say(self._words[row["shrunken_reason"]], self.language))  # fmt: skip

    def sentence(self, store: Any | None = None) -> str:
        """One store in words: raw, pulled, and where it may stand; without a store, how far stores differ."""
        zh = self.language == "zh"
        if store is None:
            if self.differences:
                said = self.differences.sentence(self.language, self.level)
            else:
                said = say(self._words[self.frame["shrunken_reason"].iloc[0]], self.language)
            return said + ("。" if zh else ".")
        row, heading = self._row(store), self.by_columns[0]
        place = f"{heading.heading(self.language)} {heading.show(store, self.language)}"
        place = place if zh else place[:1].upper() + place[1:]
        if not np.isfinite(row[self.of]):
            why = say(self._words[row["reason"]], self.language)
            return f"{place}：无法计算（{why}）。" if zh else f"{place}: no estimate can be given ({why})."
        words = [self._raw_words(row), *self._model_words(row)]
        return f"{place}：{'；'.join(words)}。" if zh else f"{place}: {'; '.join(words)}."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Stores from best to worst, pulled and raw, and beside them the ranks left open."""
        from servqual.plots import draw_stores

        return draw_stores(self, ax)

    def _raw_words(self, row: pd.Series) -> str:
        zh, estimate = self.language == "zh", self.estimate(row[self.by])
        value = NUMBER_COLUMNS[self.of].show(row[self.of], self.language)
        error = (
            estimate.interval(self.language, NUMBER_COLUMNS[self.of].decimals)
            if np.isfinite(estimate.low)
            else estimate.reason
        )
        flag = say(_flag_words(self.minimum)[row["flag"]], self.language)
        inside = [error, f"n = {int(row['n']):,}", *([flag] if flag else [])]
        if zh:
            return f"{_VALUE_ZH[self.of]} {value}（{'，'.join(inside)}）"
        return f"{self.of} {value} ({', '.join(inside)})"

    def _model_words(self, row: pd.Series) -> list[str]:
        zh, column = self.language == "zh", NUMBER_COLUMNS[self.of]
        if not np.isfinite(row["shrunken"]):
            why = say(self._words[row["shrunken_reason"]], self.language)
            return [f"未收缩（{why}）" if zh else f"not pulled ({why})"]
        value, toward = (column.show(row[name], self.language) for name in ("shrunken", "toward"))
        bounds = [column.show(row[name], self.language) for name in ("shrunken_low", "shrunken_high")]
        percent, k = f"{100 * self.level:g}%", int(np.isfinite(self.frame["shrunken"]).sum())
        group = self.by_columns[1].show(row[self.within], self.language) if self.within else ""
        said = []
        if zh:
            bound = f"（{percent} 区间 {bounds[0]} 至 {bounds[1]}）" if np.isfinite(row["shrunken_low"]) else ""
            said.append(f"向{group or '全部'}均值 {toward} 收缩后为 {value}{bound}")
        else:
            bound = f" ({percent} interval {bounds[0]} to {bounds[1]})" if np.isfinite(row["shrunken_low"]) else ""
            said.append(f"pulled to {value}{bound} towards {toward}, the mean of {group or 'all'}")
        if np.isfinite(row["rank"]):
            low, high = int(row["rank_low"]), int(row["rank_high"])
            said.append(
                f"在 {k} 家中位列第 {low} 至第 {high} 名" if zh else f"between {_nth(low)} and {_nth(high)} of {k}"
            )
        return said


_REMARKS: Mapping[str, Text] = {
    "reason": NUMBER_COLUMNS["reason"].label,
    "shrunken_reason": {"en": "remark on shrinkage", "zh": "收缩备注"},
}


_VALUE_ZH = {"gap": "差距", "perception": "感知", "score": "得分"}


def _nth(number: int) -> str:
    """
    >>> _nth(1), _nth(12), _nth(23)
    ('1st', '12th', '23rd')
    """
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _flag_words(minimum: int) -> dict[str, Text]:
    return {"": {"en": "", "zh": ""}, "floor": {"en": f"n under {minimum}", "zh": f"样本量不足 {minimum}"}}


def _model_columns(minimum: int, threshold: float | None, worst: int | None, of: StoreValue) -> tuple[Column, ...]:
    kind, decimals = NUMBER_COLUMNS[of].kind, NUMBER_COLUMNS[of].decimals
    under = "" if threshold is None else f"{threshold:g}".replace("-", "−")
    return (
        Column("flag", {"en": "flag", "zh": "提示"}, "text", _flag_words(minimum)),
        Column("reliability", {"en": "reliability", "zh": "信度"}, "number"),
        Column("toward", {"en": "group mean", "zh": "组均值"}, kind, decimals=decimals),
        Column("shrunken", {"en": "shrunken", "zh": "收缩值"}, kind, decimals=decimals),
        Column("shrunken_low", {"en": "low (shrunken)", "zh": "下限（收缩）"}, "number", decimals=decimals),
        Column("shrunken_high", {"en": "high (shrunken)", "zh": "上限（收缩）"}, "number", decimals=decimals),
        Column("rank", {"en": "rank", "zh": "名次"}, "number", decimals=1),
        Column("rank_low", {"en": "rank from", "zh": "名次自"}, "count"),
        Column("rank_high", {"en": "rank to", "zh": "名次至"}, "count"),
        *([Column("below", {"en": f"P(under {under})", "zh": f"低于 {under} 的概率"}, "share")] if under else []),
        Column("among_worst", {"en": f"P(among worst {worst})", "zh": f"居末 {worst} 名的概率"}, "share"),
    )


# --- the verb ----------------------------------------------------------------------------------------------


def store_estimates(
    responses: Responses,
    *,
    by: str = "store",
    within: str | None = None,
    of: Of = "gap",
    measure: str = "mean",
    minimum: int = 5,
    expected: Expected | None = None,
    match: str | None = None,
    between: float | None = None,
    threshold: float | None = None,
    worst: int | None = None,
    level: float = 0.95,
    draws: int = 4000,
    seed: int = 0,
) -> StoreEstimates:
    """What can be said of each store: its mean, the mean pulled towards its tier, and its rank, with intervals.

    Parameters
    ----------
    responses : Responses
    by : column that names the store
    within : column of the group towards whose mean a store is pulled (tier, region); without it all stores are one group
    of : {"gap", "perception"}
    measure : "mean" or "sum" (totals), a dimension, or an item
    minimum : floor of interviews; a store under it is flagged, still shown, and not for publication
    expected, match : as in :func:`~servqual.gaps.score_gaps`
    between : standard deviation between stores where it is known (an earlier wave); otherwise it is learned from the
        answers, which needs at least three stores more than groups
    threshold : adds the probability that a store's true score lies below it
    worst : how many count as "among the worst", at most all; a tenth of the stores by default
    level : confidence of the intervals
    draws, seed : simulated rankings, and where their random numbers start

    Returns
    -------
    StoreEstimates

    Notes
    -----
    **Raw.** The store's mean with a t interval, its respondents the units, exactly as ``score_gaps(by=...)`` gives it.

    **Error of a mean.** The variance of five answers is a guess, so variances within stores are pooled over the stores of
    a group, weighted by degrees of freedom: ``v_i = s²_group * sum w²/(sum w)²``, which is ``s²_group/n_i`` without weights.

    **Pulled.** ``y_i = m_group + u_i + e_i`` with ``var u = tau²`` (one for all groups) and ``var e_i = v_i``, after Fay
    and Herriot. The reliability of a mean is ``tau²/(tau² + v_i)``; what it lacks is the share of the way to the group's
    mean. Means, intervals and ranks come from one distribution, in which tau² and the group means are uncertain too
    (:func:`posterior`). With equal n in a group, shrunken = reliability * raw + (1 - reliability) * group mean.

    **Ranks.** In each simulated ranking all stores are drawn together; the expected rank, its interval and the
    probability of being among the worst are read from these. The table's own order is one ranking of many. Random numbers
    go to stores and groups by their labels, so the order of rows changes nothing.

    **Differences between stores.** tau by REML with the interval of :func:`between_interval`, which begins at 0 exactly
    where the F test beside it does not reject.

    **Expectations from other people.** Then all stores share the expectation. Stores are modelled by their
    perceptions; the expectation's error is added to the levels. In ranks a common expectation cancels; if it is matched
    (by region), its error counts between stores of different regions.

    How to read it: reliability below 0.5 means that more than half of a store's distance from its tier is luck. A rank
    from 3 to 31 of 40 is no rank. Completely visited chains need no change: tau² then describes these stores.

    The intervals hold for stores taken together: over all stores and repeated studies 95% of them cover. A store that is
    truly unlike its tier is covered less often, which is the price of pulling. Simulated (benchmarks/stores_coverage.py):
    see docs/store_estimates.md.

    References
    ----------
    Fay and Herriot (1979), doi:10.1080/01621459.1979.10482505. Morris (1983), doi:10.1080/01621459.1983.10477920. Prasad
    and Rao (1990), Journal of the American Statistical Association 85, 163-171, doi:10.1080/01621459.1990.10475320.
    Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159, 385-409, doi:10.2307/2983325. Laird
    and Louis (1989), Journal of Educational Statistics 14, 29-46, doi:10.3102/10769986014001029. Viechtbauer (2007),
    Statistics in Medicine 26, 37-52, doi:10.1002/sim.2514. Checked in
    tests/test_stores.py against R, statsmodels, published examples, and closed forms.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("retail-13")
    >>> scores = [3, 5, 4, 6, 5, 7, 4, 4, 5, 2, 3, 4, 5, 6, 6, 3, 5, 5]
    >>> data = pd.DataFrame({column: scores for column in instrument.columns("perception").values()})
    >>> data["store"] = [name for name in "ABCDEF" for _ in range(3)]
    >>> stores = store_estimates(Responses(data, instrument), of="perception")
    >>> stores.sentence("B").split("; ")[1:]
    ['pulled to 5.80 (95% interval 4.79 to 6.83) towards 4.56, the mean of all', 'between 1st and 3rd of 6.']
    >>> stores.sentence()
    'SD between stores τ = 0.98 (REML, 95% interval 0.34 to 2.79; F(5, 12) = 4.43, p = .016).'
    """
    check_choice("of", of, Of)
    asked = StoreQuestion(by, within, of, measure, minimum, between, threshold, worst, level, draws, seed)
    told = _perceptions_alone(responses) if of == "perception" else responses
    overall = score_gaps(told, expected=responses.instrument.scale.low if of == "perception" else expected, level=level)
    place = _place_of(overall.basis.measures, measure)
    fixed = overall.basis.fixed
    if fixed is not None:
        fixed = np.zeros(1) if of == "perception" else fixed[[place]]
    basis = Basis.of(told, (overall.basis.measures[place],), (by,), match, fixed)
    stores = _observed(told, basis, asked, overall.interval)
    frame, model, differences, asked = model_stores(stores, asked, between)
    return StoreEstimates(
        frame,
        responses.language,
        instrument=responses.instrument,
        by_columns=tuple(responses.column_of(name) for name in (by, within) if name),
        differences=differences,
        interval=overall.interval,
        remarks=_remarks(told, stores, basis, model, asked, int((frame["flag"] != "").sum()), expected is not None),
        cautious=any(side.design.selection != "probability" for side in told.sides),
        **asked.shown(),
    )


@dataclass(frozen=True)
class StoreQuestion:
    """What was asked for, checked."""

    by: str
    within: str | None
    of: StoreValue
    measure: str
    minimum: int
    between: float | None
    threshold: float | None
    worst: int | None
    level: float
    draws: int
    seed: int

    def __post_init__(self) -> None:
        check_between("level", self.level, 0, 1)
        if self.between is not None and not 0 <= self.between < np.inf:
            raise SpecError(f"between={self.between!r} is a standard deviation: give a number of 0 or more.")
        least = {"minimum": (self.minimum, 1), "draws": (self.draws, 100)}
        least |= {} if self.worst is None else {"worst": (self.worst, 1)}
        for name, (value, bound) in least.items():
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < bound:
                raise SpecError(f"{name}={value!r} must be a whole number of {bound} or more.")
        if self.within == self.by:
            raise SpecError(
                f"within={self.within!r} is the store's own column. Name the group it belongs to (tier, region)."
            )
        for option, column in (("by", self.by), ("within", self.within)):
            if column in {*RESERVED, *_MODEL_COLUMNS}:
                raise SpecError(f"{option}={column!r}: the table has a column of that name. Rename it in the data.")

    def shown(self) -> dict[str, Any]:
        """What the result remembers."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "between"}

    @property
    def tails(self) -> tuple[float, float]:
        """What lies below the two bounds of an interval."""
        return (1 - self.level) / 2, (1 + self.level) / 2


def _perceptions_alone(responses: Responses) -> Responses:
    if "perception" not in responses.forms:
        raise SpecError(f"{responses.source.name} holds no perception answers.")
    return responses._with(
        expectation=None, unmatched=(), matches={item.id: item.id for item in responses.instrument.items}
    )


def _place_of(measures: Sequence[Measure], wanted: str) -> int:
    found = [place for place, measure in enumerate(measures) if measure.id == wanted]
    if not found:
        raise SpecError(f"measure={wanted!r} is not known. Choose one of {', '.join(m.id for m in measures)}.")
    return found[-1]  # a dimension of one item bears its name: the dimension


def model_stores(
    stores: ObservedStores, asked: StoreQuestion, between: float | None
) -> tuple[pd.DataFrame, Posterior | str, BetweenStores | None, StoreQuestion]:
    """From what is observed of stores to their table, the model (or why there is none), how far they differ, and the question
    with the number of worst stores filled in."""
    model = _fitted(stores, between)
    if asked.worst is None:
        asked = replace(asked, worst=max(1, round(int(stores.usable.sum()) / 10)))
    differences = None if isinstance(model, str) else _differences(model, stores.pooled()[1], asked.level, between)
    return _table(stores, model, asked), model, differences, asked


def _fitted(stores: ObservedStores, between: float | None) -> Posterior | str:
    """The model of the usable stores, or the key of the reason why there is none."""
    usable = stores.usable
    v, _ = stores.pooled()
    if not usable.any() or not (v[usable] > 0).all():
        return "no spread" if (stores.df > 0).any() else "single"
    groups, group = np.unique(stores.group[usable], return_inverse=True)
    if between is None and usable.sum() - len(groups) < 3:
        return "few stores"
    return posterior(stores.y[usable], v[usable], group, between)


def _table(stores: ObservedStores, model: Posterior | str, asked: StoreQuestion) -> pd.DataFrame:
    lines, usable, gap = stores.lines, stores.usable, asked.of == "gap"
    groups = {asked.within: [stores.groups[g] for g in stores.group]} if asked.within else {}
    wanted = ["expectation", "perception", "gap", "score", "se", "low", "high", "n", "n_expectation", "df", "reason"]
    wanted = [name for name in wanted if name in lines and (gap or name not in ("expectation", "gap", "n_expectation"))]
    frame = pd.concat([pd.DataFrame({asked.by: stores.labels, **groups}), lines[wanted]], axis=1)
    if not gap:  # nothing is tested, so equal answers are no obstacle
        frame["reason"] = frame["reason"].replace("no variation", "")
    frame["flag"] = np.where(stores.interviews < asked.minimum, "floor", "")
    left_out = set() if asked.threshold is not None else {"below"}
    frame = frame.assign(**{name: np.nan for name in _MODEL_COLUMNS[1:-1] if name not in left_out})
    frame["shrunken_reason"] = np.where(usable, model if isinstance(model, str) else "", frame["reason"])
    if isinstance(model, str):
        return frame
    for name, value in {**_shrunken(stores, model, asked), **_ranks(stores, model, asked)}.items():
        frame.loc[usable, name] = value
    frame.loc[usable & ~np.isfinite(frame["shrunken_low"]), "shrunken_reason"] = "no error of E"
    return frame


def _shrunken(stores: ObservedStores, model: Posterior, asked: StoreQuestion) -> dict[str, Array]:
    """Shrunken levels of the usable stores, with the error of a shared expectation."""
    off, kind = stores.level[stores.usable], stores.kind[stores.usable]
    extra = np.diagonal(stores.error)[kind]
    low, high = (np.where(np.isfinite(extra), model.quantile(share, extra) - off, np.nan) for share in asked.tails)
    below = {} if asked.threshold is None else {"below": model.below(asked.threshold + off, extra)}
    return {"reliability": model.reliability, "toward": model.toward - off, "shrunken": model.mean - off,
            "shrunken_se": model.sd(extra), "shrunken_low": low, "shrunken_high": high, **below}  # fmt: skip


def _ranks(stores: ObservedStores, model: Posterior, asked: StoreQuestion) -> dict[str, Array]:
    """Expected ranks of the usable stores, their intervals, and the probability of being among the worst."""
    names = [name for name, used in zip(stores.labels, stores.usable, strict=True) if used]
    order = _in_order(names)
    off, kind = stores.level[stores.usable][order], stores.kind[stores.usable][order]
    ranks = _simulated_ranks(_reordered(model, order), off, kind, stores.error, asked.draws, asked.seed)
    if ranks is None:
        return {}
    low, high = (np.quantile(ranks, share, axis=0, method="inverted_cdf") for share in asked.tails)
    worst = (ranks > len(names) - (asked.worst or 0)).mean(axis=0)
    counted = {"rank": ranks.mean(axis=0), "rank_low": low, "rank_high": high, "among_worst": worst}
    back = np.argsort(order)
    return {name: value[back] for name, value in counted.items()}


def _reordered(model: Posterior, order: Array) -> Posterior:
    return replace(model, y=model.y[order], v=model.v[order], group=model.group[order])


def _simulated_ranks(model: Posterior, off: Array, kind: Array, error: Array, n: int, seed: int) -> Array | None:
    """(n, k) ranks; None where stores are held against several expectations whose error is not known.

    An expectation that all stores share moves them together: it is left out.
    """
    generator = np.random.default_rng(seed)
    several = len(np.unique(kind)) > 1
    if several and not np.isfinite(error).all():
        return None
    size, axes = np.linalg.eigh(error) if several else (np.zeros(1), np.zeros((1, 1)))
    root = axes * np.sqrt(np.clip(size, 0, None))
    parts = []
    for start in range(0, n, _PART):
        count = min(_PART, n - start)
        truths = model.draws(count, generator) - off
        if several:
            truths -= (generator.normal(size=(count, len(error))) @ root.T)[:, kind]
        parts.append(rank_draws(truths))
    return np.concatenate(parts)


def _remarks(
    responses: Responses,
    stores: ObservedStores,
    basis: Basis,
    model: Posterior | str,
    asked: StoreQuestion,
    few: int,
    fixed: bool,
) -> tuple[Text, ...]:
    """What must be said beside the table."""
    remarks = [base_remark(responses, stores.rows)]
    remarks += [pairing_remark(responses, basis, fixed)] if asked.of == "gap" else []
    sides = [side for side in responses.sides if asked.by in side.frame.columns]
    lost = sum(int(side.frame[asked.by].isna().sum()) for side in sides)
    if lost:
        remarks.append({"en": f"{lost:,} rows name no store and are left out", "zh": f"{lost:,} 行未注明门店，未计入"})
    if few:
        k, floor = len(stores.labels), asked.minimum
        remarks.append({"en": f"{few} of {k} stores with n under the floor of {floor} interviews: flagged, not for publication",
                        "zh": f"{k} 家中有 {few} 家样本量不足下限 {floor} 份，已标注，不宜对外发布"})  # fmt: skip
    if isinstance(model, str):
        return tuple(remarks)
    column = responses.column_of(asked.within) if asked.within else None
    return (*remarks, *model_remarks(model, column), *_expectation_remarks(responses, basis))


def model_remarks(model: Posterior, column: Column | None, few: str = "few interviews") -> list[Text]:
    """How the model of the stores must be read; ``column`` is their group, ``few`` what a store has too few of."""
    each = {"en": f"per {column.heading('en')}" if column else "over all stores",
            "zh": f"按{column.heading('zh')}" if column else "按全部门店"}  # fmt: skip
    toward = {"en": f"the mean of their {column.heading('en')}" if column else "the mean of all stores",
              "zh": f"所属{column.heading('zh')}的均值" if column else "全部门店的均值"}  # fmt: skip
    remarks: list[Text] = [
        {"en": f"variances within stores pooled {each['en']}, since those of {few} are noise themselves",
         "zh": f"店内方差{each['zh']}合并，因少量访问的方差本身波动很大"},
        {"en": f"shrunken estimates are pulled towards {toward['en']}; their intervals count the uncertainty of that mean and of τ",
         "zh": f"收缩值向{toward['zh']}靠拢，其区间计入该均值与 τ 的不确定性"},
    ]  # fmt: skip
    lone = int((np.bincount(model.group) == 1).sum())
    if lone and column:
        remarks.append({"en": f"groups with a single store ({lone}) are their own mean and are not pulled",
                        "zh": f"仅有一家门店的组（{lone} 个），其值即组均值，不收缩"})  # fmt: skip
    if len(model.group) < _ENOUGH_STORES:
        remarks.append({"en": f"with {len(model.group)} stores little is known of how stores differ, so that chances are too sure: in simulations of "
                              "5 stores with two visits each, stated chances of 95% and more came true in 79%",
                        "zh": f"仅 {len(model.group)} 家门店，对店间差异所知甚少，概率偏于确定：模拟中 5 家门店各访两次时，标为 95% 以上的概率实际为 79%"})  # fmt: skip
    return remarks


def _expectation_remarks(responses: Responses, basis: Basis) -> list[Text]:
    """What a shared expectation does to levels and ranks."""
    remarks: list[Text] = []
    if basis.shared == "E":
        matched = responses.column_of(basis.match) if basis.match else None
        remarks.append({
            "en": "stores are modelled by their perceptions; the error of the shared expectation is in the levels, "
            + (f"in ranks only between values of {matched.heading('en')}" if matched else "it cancels in ranks"),
            "zh": "门店差异按感知得分建模；共用期望的误差计入水平值，" + (f"名次仅在不同{matched.heading('zh')}之间受其影响" if matched else "对名次无影响"),
        })  # fmt: skip
    return remarks
