"""Do items of a factor belong together, and apart from those of another? Composite reliability, AVE, Fornell–Larcker, HTMT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def composite_reliability(loadings: Array) -> float:
    """``(sum l)^2 / ((sum l)^2 + sum (1 - l^2))`` from the standardised loadings of one factor.

    The share of a sum score's variance that the factor explains; .70 is the customary floor. Items are taken as turned the way
    of their loadings.

    References
    ----------
    Raykov (1997), Applied Psychological Measurement 21, 173-184, doi:10.1177/01466216970212006.

    >>> round(composite_reliability(np.array([0.8, 0.7, 0.6])), 3)
    0.745
    """
    total = np.abs(loadings).sum() ** 2
    return float(total / (total + (1 - loadings**2).sum()))


def composite_reliability_slopes(loadings: Array) -> Array:
    """(m,) slopes of composite reliability by each loading."""
    size, unique = np.abs(loadings).sum(), (1 - loadings**2).sum()
    return np.asarray((2 * size * unique * np.sign(loadings) + 2 * size**2 * loadings) / (size**2 + unique) ** 2)


def average_variance(loadings: Array) -> float:
    """Average variance extracted, the mean squared standardised loading; under .50 more is error than factor.

    References
    ----------
    Fornell and Larcker (1981), Journal of Marketing Research 18, 39-50, doi:10.1177/002224378101800104.

    >>> round(average_variance(np.array([0.8, 0.7, 0.6])), 3)
    0.497
    """
    return float((loadings**2).mean())


def htmt(correlation: Array, first: Sequence[int], second: Sequence[int], *, geometric: bool = False) -> float:
    """Heterotrait–monotrait ratio of two groups of items: how strongly they correlate across, against within.

    ``HTMT = m_ab / sqrt(m_aa m_bb)`` with arithmetic means of absolute correlations; HTMT2 takes geometric means, which also
    holds where loadings differ. Over .85 (or .90) two constructs are hardly distinct. nan where a group has one item, or its items
    do not correlate (for HTMT2: where two of them do not).

    References
    ----------
    Henseler, Ringle and Sarstedt (2015), Journal of the Academy of Marketing Science 43, 115-135,
    doi:10.1007/s11747-014-0403-8. Roemer, Schuberth and Henseler (2021), Industrial Management & Data Systems 121,
    2637-2650, doi:10.1108/IMDS-02-2021-0082 (HTMT2).

    >>> r = np.array([[1, 0.6, 0.3, 0.3], [0.6, 1, 0.3, 0.3], [0.3, 0.3, 1, 0.5], [0.3, 0.3, 0.5, 1]])
    >>> round(htmt(r, [0, 1], [2, 3]), 4)
    0.5477
    """
    parts = _parts(correlation, first, second)
    if parts is None:
        return float("nan")
    across, within_a, within_b = (_averaged(part, geometric) for part in parts)
    within = float(np.sqrt(within_a * within_b))
    return across / within if within > 0 else float("nan")


def _parts(correlation: Array, first: Sequence[int], second: Sequence[int]) -> tuple[Array, Array, Array] | None:
    """Absolute correlations across, within the first and within the second group; None where a group has one item."""
    if len(first) < 2 or len(second) < 2:
        return None
    size = np.abs(correlation)
    return size[np.ix_(first, second)].ravel(), _within(size, first), _within(size, second)


def _within(size: Array, items: Sequence[int]) -> Array:
    return np.asarray(size[np.ix_(items, items)][np.tril_indices(len(items), -1)])


def _averaged(part: Array, geometric: bool) -> float:
    return (
        float(np.exp(np.log(part).mean()))
        if geometric and (part > 0).all()
        else 0.0
        if geometric
        else float(part.mean())
    )


def htmt_slopes(correlation: Array, first: Sequence[int], second: Sequence[int], *, geometric: bool = False) -> Array:
    """(p, p) symmetric matrix D with ``d HTMT = tr(D dR)`` over the correlations; nan where a correlation of 0 leaves no slope."""
    slopes = np.zeros(correlation.shape)
    parts = _parts(correlation, first, second)
    if parts is None:
        return slopes
    value = htmt(correlation, first, second, geometric=geometric)
    if not np.isfinite(value) or any((part == 0).any() if geometric else not part.any() for part in parts):
        return np.full(correlation.shape, np.nan)
    for (rows, columns), part, power in (
        ((first, second), parts[0], 1.0),
        ((first, first), parts[1], -0.5),
        ((second, second), parts[2], -0.5),
    ):
        square = np.ix_(rows, columns)
        own = correlation[square]
        relative = 1 / (own * len(part)) if geometric else np.sign(own) / part.sum()
        slopes[square] += value * power * relative / 2
        if rows is columns:
            slopes[rows, rows] = 0.0
        else:
            slopes[np.ix_(columns, rows)] += (value * power * relative / 2).T
    return slopes


def on_covariances(slopes: Array, covariance: Array) -> Array:
    """(p, p) D_S with ``d f = tr(D_S dS)`` from D with ``d f = tr(D dR)``."""
    sd = np.sqrt(covariance.diagonal())
    scaled = slopes / np.outer(sd, sd)
    return np.asarray(scaled - np.diag((slopes * covariance / np.outer(sd, sd)).sum(axis=1) / sd**2))


def normal_error(slopes: Array, covariance: Array, n: float) -> float:
    """Standard error of f with ``d f = tr(D dS)``, for normal answers: ``var = 2 tr(D S D S) / n``."""
    turned = slopes @ covariance
    return float(np.sqrt(2 * np.sum(turned * turned.T) / n))


def logit_interval(value: float, se: float, z: float) -> tuple[float, float]:
    """Bounds of a share that stay between 0 and 1; nan where it is not between them."""
    if not 0 < value < 1:
        return float("nan"), float("nan")
    from scipy.special import expit, logit

    half = z * se / (value * (1 - value))
    low, high = (float(expit(logit(value) + sign * half)) for sign in (-1, 1))
    return low, high
