"""Coefficients of agreement as functions on arrays: counts of what was said, or scores of units by raters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]
_NAN = float("nan")
_TOGETHER = 4_000_000  # numbers held at once


@dataclass(frozen=True)
class Chance:
    """Agreement beyond chance.

    Attributes
    ----------
    value : (observed − expected)/(1 − expected); nan where chance alone gives full agreement
    observed, expected : agreement seen, and expected by chance
    se : standard error; se_null : the same if there were no agreement beyond chance (nan where not defined)
    """

    value: float
    observed: float
    expected: float
    se: float = _NAN
    se_null: float = _NAN


def agreement_weights(values: Array, power: int) -> Array:
    """(k, k) credit for near misses: 1 on the diagonal, falling with the distance of the values (1 linear, 2 quadratic).

    ``power`` 0 gives credit for the same category only.

    >>> agreement_weights(np.array([1.0, 2.0, 3.0]), 1)[0].tolist()
    [1.0, 0.5, 0.0]
    """
    if power == 0 or len(values) < 2:
        return np.eye(len(values))
    apart = np.abs(values[:, None] - values) / np.ptp(values)
    return np.asarray(1 - apart**power)


def cohen_kappa(table: Array, weights: Array) -> Chance:
    """Cohen's kappa of two raters, with or without credit for near misses.

    Parameters
    ----------
    table : (k, k) units by what the first rater (rows) and the second (columns) said
    weights : (k, k) credit, see :func:`agreement_weights`

    Notes
    -----
    ``κ = (p_o − p_e)/(1 − p_e)`` with ``p_o = Σ w p_ij`` and ``p_e = Σ w p_i. p_.j``. The standard error is that of Fleiss,
    Cohen and Everitt for κ as it is; ``se_null`` is theirs for κ = 0 and serves the test only.

    References
    ----------
    Cohen (1960), doi:10.1177/001316446002000104. Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72, 323-327,
    doi:10.1037/h0028106. Checked against R's ``psych`` and ``vcd`` (tests/test_agreement.py).

    Examples
    --------
    >>> round(cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]]), np.eye(2)).value, 3)
    0.4
    """
    n = table.sum()
    p = table / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    chance = np.outer(row, column)
    observed, expected = float((weights * p).sum()), float((weights * chance).sum())
    if 1 - expected < 1e-12:
        return Chance(_NAN, observed, expected)
    kappa = (observed - expected) / (1 - expected)
    both = (weights @ column)[:, None] + (weights.T @ row)
    scale = n * (1 - expected) ** 2
    spread = (p * (weights - both * (1 - kappa)) ** 2).sum() - (kappa - expected * (1 - kappa)) ** 2
    null = (chance * (weights - both) ** 2).sum() - expected**2
    return Chance(kappa, observed, expected, *(float(np.sqrt(max(v, 0.0) / scale)) for v in (spread, null)))


def _by_unit(counts: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Per unit: ratings, agreement of its pairs; and the mean share of each category."""
    m = counts.sum(axis=1)
    agreed = (counts * (counts @ weights - 1)).sum(axis=1) / (m * (m - 1))
    return m, agreed, (counts / m[:, None]).mean(axis=0)


def _chance_corrected(agreed: Array, expected: float, by_unit: Array) -> Chance:
    """The coefficient and its standard error, units drawn at random and raters as they are."""
    observed, n = float(agreed.mean()), len(agreed)
    if 1 - expected < 1e-12:
        return Chance(_NAN, observed, expected)
    value = (observed - expected) / (1 - expected)
    pulled = (agreed - expected) / (1 - expected) - 2 * (1 - value) * (by_unit - expected) / (1 - expected)
    return Chance(value, observed, expected, float(np.sqrt(((pulled - value) ** 2).sum() / (n * (n - 1)))))


def fleiss_kappa(counts: Array, weights: Array | None = None) -> Chance:
    """Fleiss' kappa of any number of raters, who need not be the same for every unit.

    Parameters
    ----------
    counts : (units, k) how many raters put the unit into each category, two at least per unit
    weights : (k, k) credit for near misses; none by default

    Notes
    -----
    ``p_o`` is the mean over units of the share of agreeing pairs, ``p_e = Σ w π_i π_j`` with π the mean shares of the
    categories. ``se`` takes units as drawn at random and is linearised (Gwet); ``se_null`` is that of Fleiss, Nee and
    Landis for no agreement at all, defined without weights and for equally many ratings per unit.

    References
    ----------
    Fleiss (1971), Psychological Bulletin 76, 378-382, doi:10.1037/h0031619. Fleiss, Nee and Landis (1979), Psychological
    Bulletin 86, 974-977, doi:10.1037/0033-2909.86.5.974. Checked against R's ``irr``.

    Examples
    --------
    >>> round(fleiss_kappa(np.array([[3.0, 0.0], [0.0, 3.0], [2.0, 1.0]])).value, 3)
    0.55
    """
    w = np.eye(counts.shape[1]) if weights is None else weights
    m, agreed, share = _by_unit(counts, w)
    expected = float(share @ w @ share)
    found = _chance_corrected(agreed, expected, (counts @ (w @ share + w.T @ share) / 2) / m)
    if weights is not None or np.ptp(m) > 0 or np.isnan(found.value):
        return found
    q = 1 - share
    spread = 2 * ((share @ q) ** 2 - (share * q * (q - share)).sum()) / (len(m) * m[0] * (m[0] - 1) * (share @ q) ** 2)
    return Chance(found.value, found.observed, found.expected, found.se, float(np.sqrt(max(spread, 0.0))))


def gwet_ac(counts: Array, weights: Array | None = None) -> Chance:
    """Gwet's AC1, and AC2 with credit for near misses: agreement beyond chance that prevalence does not wreck.

    Notes
    -----
    ``p_e = Σw/(k(k − 1)) Σ π (1 − π)``: chance can only decide where raters are undecided, and of units that nearly all are
    "yes" few are in doubt. Kappa instead takes the shares of the categories as chance, so that it may be near 0 at 95 %
    agreement. The standard error takes units as drawn at random, t with n − 1 degrees of freedom.

    References
    ----------
    Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29-48, doi:10.1348/000711006X126600.
    Checked against R's ``irrCAC``.

    Examples
    --------
    >>> table = np.array([[2.0, 0.0]] * 18 + [[1.0, 1.0]] * 2)  # 90% agreement, nearly all in the first category
    >>> round(gwet_ac(table).value, 2), round(fleiss_kappa(table).value, 2)
    (0.89, -0.05)
    """
    k = counts.shape[1]
    w = np.eye(k) if weights is None else weights
    m, agreed, share = _by_unit(counts, w)
    if k < 2:
        return Chance(_NAN, float(agreed.mean()), _NAN)
    scale = w.sum() / (k * (k - 1))
    return _chance_corrected(agreed, float(scale * (share * (1 - share)).sum()), scale * counts @ (1 - share) / m)


def ranked_values(totals: Array) -> Array:
    """Mean ranks of categories that hold these numbers of ratings: what the ordinal distance of alpha is made of.

    >>> ranked_values(np.array([2.0, 4.0])).tolist()
    [1.0, 4.0]
    """
    return np.asarray(np.cumsum(totals) - totals / 2)


def krippendorff_alpha(counts: Array, values: Array, scale: str) -> tuple[float, float, float]:
    """Krippendorff's alpha, any number of raters, ratings missing anywhere.

    Parameters
    ----------
    counts : (units, k) ratings per category; units with fewer than two ratings are passed over
    values : (k,) the categories as numbers, in order
    scale : "nominal", "ordinal", "interval" or "ratio"

    Returns
    -------
    alpha, observed disagreement, expected disagreement; alpha is nan where everybody said the same throughout.

    Notes
    -----
    ``α = 1 − D_o/D_e``. With m ratings of a unit and n in all, ``D_o = Σ_u Σ_{i≠j} δ²/(m_u − 1)/n`` within units and
    ``D_e = Σ_{i≠j} δ²/(n (n − 1))`` over all ratings. ``δ²`` is 0 or 1 (nominal), ``(a − b)²`` (interval),
    ``((a − b)/(a + b))²`` (ratio); the ordinal one is the interval one on mean ranks. ``irr::kripp.alpha`` 0.84.1 is
    wrong for complete data and no authority.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's alpha-reliability, University of Pennsylvania. Hayes and Krippendorff
    (2007), Communication Methods and Measures 1, 77-89, doi:10.1080/19312450709336664.

    Examples
    --------
    >>> alpha, *_ = krippendorff_alpha(np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), np.arange(2.0), "nominal")
    >>> round(alpha, 3)
    0.444
    """
    counts = counts[counts.sum(axis=1) >= 2]
    totals = counts.sum(axis=0)
    n = float(totals.sum())
    if scale == "ordinal":
        values, scale = ranked_values(totals), "interval"
    observed = float(_within(counts, values, scale).sum() / n)
    expected = float(_among(totals[None, :], values, scale)[0] / (n * (n - 1)))
    if expected <= 0:
        return _NAN, observed, expected
    return 1 - observed / expected, observed, expected


def _within(counts: Array, values: Array, scale: str) -> Array:
    """(units,) sum of δ² over ordered pairs of a unit's ratings, over its ratings less 1."""
    return np.asarray(_among(counts, values, scale) / (counts.sum(axis=1) - 1))


def _among(counts: Array, values: Array, scale: str) -> Array:
    """(rows,) sum of δ² over all ordered pairs of the ratings counted in a row."""
    n = counts.sum(axis=1)
    if scale == "nominal":
        return np.asarray(n**2 - (counts**2).sum(axis=1))
    if scale == "interval":
        centred = values - values.mean()
        return np.asarray(2 * (n * (counts @ centred**2) - (counts @ centred) ** 2))
    total = values[:, None] + values
    delta = np.divide(values[:, None] - values, total, out=np.zeros_like(total), where=total > 0) ** 2
    return np.asarray(((counts @ delta) * counts).sum(axis=1))


def alpha_replicates(counts: Array, values: Array, scale: str, replicates: int, seed: int) -> Array:
    """(replicates,) alphas of units drawn again with replacement; nan where a replicate holds one category only.

    Whole units are drawn, with all their ratings, and both disagreements are computed again. (Hayes and Krippendorff draw
    single disagreements and keep the expected one, which takes pairs of the same unit for independent.)
    """
    counts = counts[counts.sum(axis=1) >= 2]
    generator, n_units = np.random.default_rng(seed), len(counts)
    found: list[Array] = []
    part = max(1, _TOGETHER // max(n_units, 1))
    for start in range(0, replicates, part):
        size = min(part, replicates - start)
        drawn = generator.multinomial(n_units, np.full(n_units, 1 / n_units), size=size).astype(float)
        totals = drawn @ counts
        n = totals.sum(axis=1)
        if scale == "ordinal":
            pairs = [(_ordinal(counts, d, t)) for d, t in zip(drawn, totals, strict=True)]
            observed, among = (np.array(column) for column in zip(*pairs, strict=True))
        else:
            observed, among = drawn @ _within(counts, values, scale), _among(totals, values, scale)
        expected = among / (n - 1)
        found.append(1 - np.divide(observed, expected, out=np.full(size, np.nan), where=expected > 1e-12))
    return np.concatenate(found)


def _ordinal(counts: Array, drawn: Array, totals: Array) -> tuple[float, float]:
    """Both sums of δ² of one replicate: ranks follow from its own ratings."""
    ranks = ranked_values(totals)
    return float(drawn @ _within(counts, ranks, "interval")), float(_among(totals[None, :], ranks, "interval")[0])


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation with its F test and interval."""

    value: float
    low: float
    high: float
    f: float
    df1: float
    df2: float
    p: float


def mean_squares(scores: Array) -> tuple[float, float, float, float]:
    """Mean squares between units, between raters, of the residual, and within units, of (units, raters) scores.

    >>> [round(float(each), 2) for each in mean_squares(np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 6.0]]))]
    [8.17, 2.67, 0.17, 1.0]
    """
    n, k = scores.shape
    mean, unit, rater = scores.mean(), scores.mean(axis=1), scores.mean(axis=0)
    between, raters = k * ((unit - mean) ** 2).sum(), n * ((rater - mean) ** 2).sum()
    rest = ((scores - unit[:, None] - rater + mean) ** 2).sum()
    return between / (n - 1), raters / (k - 1), rest / ((n - 1) * (k - 1)), (raters + rest) / (n * (k - 1))


def intraclass_correlations(scores: Array, level: float = 0.95) -> Mapping[str, Icc]:
    """The six intraclass correlations of Shrout and Fleiss, with their F intervals.

    Parameters
    ----------
    scores : (n, k) units by raters, none missing
    level : confidence

    Returns
    -------
    ``icc1_1``: every unit had other raters. ``icc2_1``: the raters are a sample and their severity counts (agreement).
    ``icc3_1``: these raters only, and order counts (consistency). ``…_k``: the same for the mean of the k raters. nan
    where nothing varies.

    References
    ----------
    Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428, doi:10.1037/0033-2909.86.2.420; interval of ICC(2) after
    their p. 424. Checked against R's ``psych::ICC`` and their table 4.

    Examples
    --------
    >>> ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])
    >>> {name: round(icc.value, 2) for name, icc in intraclass_correlations(ratings).items()}
    {'icc1_1': 0.17, 'icc2_1': 0.29, 'icc3_1': 0.71, 'icc1_k': 0.44, 'icc2_k': 0.62, 'icc3_k': 0.91}
    """
    from scipy.special import fdtrc, fdtri

    n, k = scores.shape
    between, raters, rest, within = mean_squares(scores)
    tail, inner, both = (1 + level) / 2, n * (k - 1), (n - 1) * (k - 1)
    found: dict[str, Icc] = {}
    if min(within, between) <= 0 or rest <= 1e-12 * between:
        why = 1.0 if between > 0 and within <= 1e-12 * between else _NAN
        return {f"icc{form}_{of}": Icc(why, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN) for of in "1k" for form in "123"}
    f1, f3 = between / within, between / rest
    two = (between - rest) / (between + (k - 1) * rest + k * (raters - rest) / n)
    bounds = {
        "1": (f1 / fdtri(n - 1, inner, tail), f1 * fdtri(inner, n - 1, tail)),
        "3": (f3 / fdtri(n - 1, both, tail), f3 * fdtri(both, n - 1, tail)),
    }
    for form, f, df2 in (("1", f1, inner), ("2", f3, both), ("3", f3, both)):
        if form == "2":
            one = (two, *_agreement_bounds(scores.shape, (between, raters, rest), two, tail))
        else:
            one = tuple((ratio - 1) / (ratio + k - 1) for ratio in (f, *bounds[form]))
        p = float(fdtrc(n - 1, df2, f))
        for of, three in (("1", one), ("k", tuple(_of_mean(each, k) for each in one))):
            value, low, high = map(float, three)
            found[f"icc{form}_{of}"] = Icc(value, low, high, float(f), n - 1, df2, p)
    return {f"icc{form}_{of}": found[f"icc{form}_{of}"] for of in "1k" for form in "123"}


def _of_mean(value: float, k: int) -> float:
    """Reliability of the mean of k raters; nan at the lowest value that a single one can have.

    >>> _of_mean(0.5, 3), _of_mean(-1.0, 2)
    (0.75, nan)
    """
    rest = 1 + (k - 1) * value
    return float(k * value / rest) if rest > 1e-12 else _NAN


def _agreement_bounds(
    shape: tuple[int, ...], squares: tuple[float, float, float], value: float, tail: float
) -> tuple[float, float]:
    """Bounds of ICC(2,1); Satterthwaite's degrees of freedom stand for the mixture of raters and residual."""
    from scipy.special import fdtri

    (n, k), (between, raters, rest) = shape, squares
    ratio, part = raters / rest, n * (1 + (k - 1) * value) - k * value
    df = (k - 1) * (n - 1) * (k * value * ratio + part) ** 2 / ((n - 1) * (k * value * ratio) ** 2 + part**2)
    high, low = fdtri(n - 1, df, tail), fdtri(df, n - 1, tail)
    other = k * raters + (k * n - k - n) * rest
    return n * (between - high * rest) / (high * other + n * between), n * (low * between - rest) / (
        other + n * low * between
    )


def kendall_w(scores: Array) -> tuple[float, float, int, float]:
    """Kendall's W: do the raters put the units into the same order? Ties are allowed for.

    Parameters
    ----------
    scores : (n, m) units by raters, none missing

    Returns
    -------
    W (0 none, 1 the same order), chi-square, degrees of freedom, p

    Notes
    -----
    ``W = 12 S/(m² (n³ − n) − m ΣT)``, S the squares of the units' rank sums about their mean, T = Σ(t³ − t) over each
    rater's ties. ``χ² = m (n − 1) W`` with n − 1 degrees of freedom, good for n above 7.

    References
    ----------
    Kendall and Babington Smith (1939), Annals of Mathematical Statistics 10, 275-287, doi:10.1214/aoms/1177732186.

    Examples
    --------
    >>> kendall_w(np.array([[1, 1, 2], [2, 3, 1], [3, 2, 3.0]]))[0]
    0.4444444444444444
    """
    from scipy.special import chdtrc

    n, m = scores.shape
    sums = pd.DataFrame(scores).rank().to_numpy().sum(axis=1)
    ties = sum(float((t**3 - t).sum()) for t in (np.unique(column, return_counts=True)[1] for column in scores.T))
    room = m**2 * (n**3 - n) - m * ties
    if room <= 0:
        return _NAN, _NAN, n - 1, _NAN
    w = 12 * float(((sums - sums.mean()) ** 2).sum()) / room
    return w, m * (n - 1) * w, n - 1, float(chdtrc(n - 1, m * (n - 1) * w))
