"""How much of an outcome's variance belongs to each driver? Shapley's and Johnson's shares as functions of correlations.

Everything here works on one correlation matrix or on thousands at once (replicates), real or with the small imaginary
part of a complex step, and never sees a respondent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.explained import solve_definite
from servqual.inference import Sums
from survey_design.errors import SpecError

Array = NDArray[Any]

MOST_SHAPLEY = 16  # drivers: 65,536 models; each further one doubles time
_SMALL = 1e-10  # what is left of a driver's variance when others say all of it
_TOGETHER = 4  # matrices whose sub-models are computed at once: about what the second-level cache holds


def shapley_shares(between: Array, shared: Array) -> Array:
    """(..., p) Shapley's (LMG) share of R² of each driver: what it adds, averaged over all orders of entry.

    Parameters
    ----------
    between : (..., p, p) correlations of the drivers
    shared : (..., p) their correlations with the outcome

    Notes
    -----
    With R²(S) of the regression on the drivers in S, ``share_i = Σ_S |S|! (p − |S| − 1)! / p! (R²(S ∪ i) − R²(S))``, over
    all S without i. All 2^p values of R² come from one elimination that branches at every driver: leave it out, or take it
    in and remove from all later ones what it explains; about 12 · 2^p multiplications for each matrix. The shares are not
    negative and add up to R² of all drivers. A driver that follows exactly from others adds nothing after them: two
    copies of one driver share alike.

    Raises
    ------
    SpecError
        For more than 16 drivers; :func:`johnson_shares` comes close in no time.

    References
    ----------
    Lindeman, Merenda and Gold (1980), Introduction to Bivariate and Multivariate Analysis, Scott Foresman, 119 f. Grömping
    (2007), Am. Statist. 61, 139-147, doi:10.1198/000313007X188252. Checked against R's ``relaimpo`` 2.2.7 on four data
    sets, and against every sub-model fitted one by one (tests/test_drivers.py).

    Examples
    --------
    >>> shapley_shares(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([0.6, 0.3])).round(4).tolist()
    [0.315, 0.045]
    """
    p = between.shape[-1]
    if p > MOST_SHAPLEY:
        raise SpecError(
            f"Shapley shares of {p} drivers need {2**p:,} regressions; up to {MOST_SHAPLEY} are possible. Use method='johnson', "
            "or dimensions instead of items."
        )
    flat, right = between.reshape(-1, p, p), shared.reshape(-1, p)
    out = np.empty(right.shape, dtype=np.result_type(between, shared))
    weights = _entry_weights(p)
    for start in range(0, len(flat), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        out[some] = (weights @ explained_by_subsets(flat[some], right[some])).T
    return out.reshape(shared.shape)


def explained_by_subsets(between: Array, shared: Array) -> Array:
    """(2^p, b) R² of every subset of the drivers, for b matrices; bit k of a row's number says whether driver k is in.

    >>> explained_by_subsets(np.eye(2)[None], np.array([[0.6, 0.3]]))[:, 0].round(2).tolist()
    [0.0, 0.36, 0.09, 0.45]
    """
    p, b = shared.shape[-1], len(shared)
    both = np.concatenate([between, shared[..., None]], axis=-1)
    rows = [np.empty((p - k + 1, 2**k, b), dtype=both.dtype) for k in range(p)]  # (columns left, models so far, b)
    for k, row in enumerate(rows):
        row[:, 0] = both[:, k, k:].T
    left = np.ones((2**p, b), dtype=both.dtype)
    for k, first in enumerate(rows):
        n = 2**k
        open_ = first[0].real > _SMALL
        ratio = np.where(open_, first[1:], 0) / np.where(open_, first[0], 1)
        for j, row in enumerate(rows[k + 1 :]):
            np.multiply(first[1 + j], ratio[j:], out=row[:, n : 2 * n])
            np.subtract(row[:, :n], row[:, n : 2 * n], out=row[:, n : 2 * n])
        np.subtract(left[:n], first[-1] * ratio[-1], out=left[n : 2 * n])
    return np.asarray(1 - left)


@lru_cache(maxsize=8)
def _entry_weights(p: int) -> Array:
    """(p, 2^p) what R² of each subset counts in each driver's share: for it where it is in, against it where it is not."""
    member = np.arange(2**p)[None, :] >> np.arange(p)[:, None] & 1
    size = member.sum(axis=0)
    chance = np.array([1 / (p * comb(p - 1, k)) for k in range(p)] + [0.0])
    weights = np.where(member == 1, chance[size - 1], -chance[size])
    weights.flags.writeable = False  # it is kept for the next call
    return weights


def johnson_shares(between: Array, shared: Array) -> Array:
    """(..., p) Johnson's relative weights: R² of the drivers' nearest uncorrelated twins, handed back to the drivers.

    Parameters are those of :func:`shapley_shares`.

    Notes
    -----
    With ``R = P D P'``, the twins' loadings are ``Λ = P D^½ P'``, their coefficients ``β* = Λ⁻¹ r``, and
    ``share_i = Σ_k Λ_ik² β*_k²``. The shares are not negative and add up to R². They come close to Shapley's at the
    cost of one eigenvalue problem; where one driver has much the largest part, or two are nearly alike, the two may rank
    differently, and Shapley's has the clearer meaning.

    References
    ----------
    Johnson (2000), Multivariate Behavioral Research 35, 1-19, doi:10.1207/S15327906MBR3501_1. Critique: Thomas, Zumbo, Kwan and
    Schweitzer (2014), Multivariate Behavioral Research 49, 329-338. Checked against R's ``rwa`` 0.1.0 (tests/test_drivers.py).

    Examples
    --------
    >>> johnson_shares(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([0.6, 0.3])).round(4).tolist()
    [0.315, 0.045]
    """
    usable = np.asarray(np.isfinite(between).all(axis=(-1, -2)) & np.isfinite(shared).all(axis=-1))
    safe = np.where(usable[..., None, None], between, np.eye(between.shape[-1]))
    root, twins = _root_and_twins(safe, np.where(usable[..., None], shared, 0))
    shares = np.einsum("...ik,...k->...i", root**2, twins**2)
    return np.where(usable[..., None], shares, np.nan)


def _root_and_twins(between: Array, shared: Array) -> tuple[Array, Array]:
    """(..., p, p) symmetric square root of the correlations, and (..., p) the coefficients of the twins."""
    values, vectors = np.linalg.eigh(between.real)
    root = np.sqrt(np.clip(values, 0, None))
    inverse = np.where(values > _SMALL, 1 / np.where(values > _SMALL, root, 1), 0)
    loadings = (vectors * root[..., None, :]) @ vectors.swapaxes(-1, -2)
    if not np.iscomplexobj(between):
        inner = np.einsum("...ik,...i->...k", vectors, shared)
        return loadings, np.einsum("...ik,...k->...i", vectors, inverse * inner)
    turned = vectors.swapaxes(-1, -2) @ between.imag @ vectors / (root[..., :, None] + root[..., None, :])
    loadings = loadings + 1j * (vectors @ turned @ vectors.swapaxes(-1, -2))  # the root's derivative along the step
    return loadings, np.linalg.solve(loadings, shared[..., None])[..., 0]


def inflation(between: Array) -> Array:
    """(p,) variance inflation factors, ``1 / (1 − R²)`` of each driver on the others; inf where it follows from them.

    >>> inflation(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4).tolist()
    [1.5625, 1.5625]
    """
    p = len(between)
    if np.linalg.eigvalsh(between)[0] > _SMALL:
        return np.asarray(np.diagonal(np.linalg.inv(between)))
    others = [np.delete(np.arange(p), k) for k in range(p)]
    left = [1 - between[k, o] @ np.linalg.pinv(between[np.ix_(o, o)], hermitian=True) @ between[o, k]
            for k, o in enumerate(others)]  # fmt: skip
    return np.array([1 / value if value > 1e-8 else np.inf for value in left])


def condition_number(between: Array) -> float:
    """Square root of the largest over the smallest eigenvalue of the drivers' correlations; inf where one is 0.

    Belsley, Kuh and Welsch (1980), Regression Diagnostics, Wiley, doi:10.1002/0471725153: about 10 begins to matter, 30 is
    serious.

    >>> round(condition_number(np.array([[1.0, 0.6], [0.6, 1.0]])), 6)
    2.0
    """
    values = np.linalg.eigvalsh(between)
    return float(np.sqrt(values[-1] / values[0])) if values[0] > _SMALL else float("inf")


# --- as statistics of weighted sums ------------------------------------------------------------------------


def correlations_of(sums: Sums) -> tuple[Array, Array]:
    """(..., p, p) correlations of all columns but the last, and (..., p) with the last, from sums."""
    base = sums.base()[..., None, None]
    mean = sums.gram[..., 0, 2:] / base[..., 0]
    covariance = sums.gram[..., 2:, 2:] / base - mean[..., :, None] * mean[..., None, :]
    size = np.sqrt(np.einsum("...ii->...i", covariance))
    whole = covariance / (size[..., :, None] * size[..., None, :])
    return whole[..., :-1, :-1], whole[..., :-1, -1]


@dataclass(frozen=True)
class SharesOfR2:
    """Each driver's share of R², the same as a part of R², and R²: a statistic for :func:`servqual.estimate`.

    >>> import pandas as pd
    >>> from servqual import estimate
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [1, 3, 2, 5, 4], "y": [1, 2, 4, 3, 5]})
    >>> found = estimate(frame, SharesOfR2(("a", "b"), "y", "shapley")).to_frame()["estimate"]
    >>> found.round(3).tolist()
    [0.752, 0.192, 0.796, 0.204, 0.944]
    """

    drivers: tuple[str, ...]
    outcome: str
    method: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.drivers, self.outcome)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.drivers, *(f"part {name}" for name in self.drivers), "R²")

    def __call__(self, sums: Sums) -> Array:
        shares = {"shapley": shapley_shares, "johnson": johnson_shares}[self.method](*correlations_of(sums))
        whole = shares.sum(axis=-1, keepdims=True)
        return np.concatenate([shares, shares / whole, whole], axis=-1)


@dataclass(frozen=True)
class Standardised:
    """Regression coefficients in standard deviations, and R²: a statistic for :func:`servqual.estimate`.

    >>> import pandas as pd
    >>> from servqual import estimate
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [1, 3, 2, 5, 4], "y": [1, 2, 4, 3, 5]})
    >>> estimate(frame, Standardised(("a", "b"), "y")).to_frame()["estimate"].round(3).tolist()
    [1.389, -0.611, 0.944]
    """

    drivers: tuple[str, ...]
    outcome: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.drivers, self.outcome)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.drivers, "R²")

    def __call__(self, sums: Sums) -> Array:
        between, shared = correlations_of(sums)
        weights = solve_definite(between, shared)
        return np.concatenate([weights, (weights * shared).sum(axis=-1, keepdims=True)], axis=-1)
