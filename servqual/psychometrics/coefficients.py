"""What do items measure together? Coefficients of consistency as functions of a covariance matrix, and their slopes.

Every function takes ``(..., k, k)`` covariances of k items, so that groups and replicates are computed at once. A slope is
the (k, k) symmetric derivative of a coefficient with respect to the covariance; it gives the coefficient its error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_SPLIT = 12  # items whose halves are tried one by one: 462 splits of 12
_FLAT = 1e-12  # share of a variance that counts as rounding
_SINGULAR = 1e-9  # smallest eigenvalue of a correlation matrix that can still be inverted with sense
_STEPS, _HALVINGS = 200, 30
_GRADIENT, _STUCK = 1e-10, 1e-6  # slope of the fit function at which it is done, and at which it may stop short


def correlation_of(covariance: Array) -> Array:
    """(..., k, k) correlations; nan where an item does not vary.

    >>> correlation_of(np.array([[4.0, 1.0], [1.0, 1.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    size = np.sqrt(np.where(variance > 0, variance, np.nan))
    return covariance / size[..., :, None] / size[..., None, :]


def is_definite(covariance: Array) -> Array:
    """(...,) True where items vary and none of them is a sum of the others: the correlation matrix can be inverted."""
    correlation = correlation_of(covariance)
    usable = np.asarray(np.isfinite(correlation).all(axis=(-2, -1)))
    safe = np.where(usable[..., None, None], correlation, np.eye(covariance.shape[-1]))
    return np.asarray(usable & (np.linalg.eigvalsh(safe)[..., 0] > _SINGULAR))


# --- coefficients of the covariance as it is -------------------------------------------------------------------


def alpha(covariance: Array) -> Array:
    """Cronbach's alpha: ``k/(k − 1) (1 − sum of variances / variance of the sum)``; nan for a single item.

    References
    ----------
    Cronbach (1951), Psychometrika 16, 297-334, doi:10.1007/BF02310555.

    >>> round(float(alpha(np.array([[2.0, 1.0], [1.0, 2.0]]))), 3)
    0.667
    """
    k = covariance.shape[-1]
    own, total = np.trace(covariance, axis1=-2, axis2=-1), covariance.sum(axis=(-2, -1))
    if k < 2:
        return np.full(own.shape, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > _FLAT * own, k / (k - 1) * (1 - own / total), np.nan)


def alpha_slope(covariance: Array) -> Array:
    """(k, k) slope of :func:`alpha`: ``k/(k − 1) (tr C 11' / s² − I / s)`` with s the variance of the sum."""
    k, total = len(covariance), covariance.sum()
    return np.asarray(k / (k - 1) * (np.trace(covariance) / total**2 - np.eye(k) / total))


def mean_correlation(covariance: Array) -> Array:
    """Mean of the correlations between different items."""
    k, correlation = covariance.shape[-1], correlation_of(covariance)
    if k < 2:
        return np.full(covariance.shape[:-2], np.nan)
    return np.asarray((correlation.sum(axis=(-2, -1)) - k) / (k * (k - 1)))


def standardized_alpha(covariance: Array) -> Array:
    """Alpha of items brought to the same variance: ``k r / (1 + (k − 1) r)`` with their mean correlation r.

    >>> round(float(standardized_alpha(np.array([[4.0, 1.0], [1.0, 1.0]]))), 3)
    0.667
    """
    k, r = covariance.shape[-1], mean_correlation(covariance)
    whole = 1 + (k - 1) * r
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > _FLAT, k * r / whole, np.nan)


def lambda6(covariance: Array) -> Array:
    """Guttman's lambda 6, ``1 − sum (1 − R²_j) / variance of the sum`` of standardised items; R²_j from all others.

    Nan where the items' correlation matrix cannot be inverted.

    References
    ----------
    Guttman (1945), Psychometrika 10, 255-282, doi:10.1007/BF02288892.

    >>> round(float(lambda6(np.array([[1.0, 0.5], [0.5, 1.0]]))), 3)
    0.5
    """
    k, correlation = covariance.shape[-1], correlation_of(covariance)
    usable = is_definite(covariance) & (k > 1)
    safe = np.where(usable[..., None, None], correlation, np.eye(k))
    unexplained = 1 / np.diagonal(np.linalg.inv(safe), axis1=-2, axis2=-1)
    return np.where(usable, 1 - unexplained.sum(axis=-1) / safe.sum(axis=(-2, -1)), np.nan)


def greatest_split_half(covariance: Array) -> Array:
    """Guttman's lambda 4 of the best split: ``4 cov(A, B) / variance of the sum``, over all splits into halves.

    Halves have the same number of items, or one more. Where items are few the best of many splits is also the luckiest:
    in samples under a few hundred it is too high. Nan for more than 12 items.

    References
    ----------
    Guttman (1945), Psychometrika 10, 255-282, doi:10.1007/BF02288892. Jackson and Agunwamba (1977), Psychometrika 42,
    567-578, doi:10.1007/BF02295979. Checked against R's ``psych::splitHalf`` (tests/test_psychometrics.py).

    >>> round(float(greatest_split_half(np.array([[1.0, 0.5], [0.5, 1.0]]))), 3)
    0.667
    """
    from itertools import combinations

    k, total = covariance.shape[-1], covariance.sum(axis=(-2, -1))
    if not 1 < k <= MOST_SPLIT:
        return np.full(total.shape, np.nan)
    sides = np.array([[-1.0 if j in half else 1.0 for j in range(k)] for half in combinations(range(k), k // 2)])
    apart = np.einsum("sj,...jl,sl->...s", sides, covariance, sides, optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, 1 - apart.min(axis=-1) / total, np.nan)


def items_needed(reliability: Any, k: Any, wanted: float) -> Any:
    """Items like these that reach a wanted reliability, after Spearman and Brown; not rounded, nan where none do.

    ``k wanted (1 − reliability) / (reliability (1 − wanted))``

    References
    ----------
    Spearman (1910), British Journal of Psychology 3, 271-295; Brown (1910), the same volume, 296-322.

    >>> round(float(items_needed(0.66, 4, 0.80)), 2)
    8.24
    """
    reliability = np.asarray(reliability, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reliability > 0, k * wanted * (1 - reliability) / np.abs(reliability) / (1 - wanted), np.nan)


# --- single items ----------------------------------------------------------------------------------------------


def item_rest(covariance: Array) -> Array:
    """(..., k) correlation of each item with the sum of the others; nan where one of both does not vary.

    >>> item_rest(np.array([[1.0, 0.5], [0.5, 1.0]])).tolist()
    [0.5, 0.5]
    """
    own, with_all = np.diagonal(covariance, axis1=-2, axis2=-1), covariance.sum(axis=-1)
    rest = covariance.sum(axis=(-2, -1))[..., None] - 2 * with_all + own
    varies = (own > 0) & (rest > _FLAT * own)
    return np.where(varies, (with_all - own) / np.sqrt(np.where(varies, own * rest, 1.0)), np.nan)


def item_rest_slopes(covariance: Array) -> Array:
    """(k, k, k) slope of each item's :func:`item_rest`."""
    k, r, own = len(covariance), item_rest(covariance), np.diagonal(covariance)
    others = 1 - np.eye(k)
    rest = np.einsum("ja,ab,jb->j", others, covariance, others)
    unit = np.eye(k)
    crossed = (unit[:, :, None] * others[:, None, :] + others[:, :, None] * unit[:, None, :]) / 2
    alone, among = unit[:, :, None] * unit[:, None, :], others[:, :, None] * others[:, None, :]

    def each(values: Array) -> Array:
        return values[:, None, None]

    return np.asarray(
        each(1 / np.sqrt(own * rest)) * crossed - each(r / (2 * own)) * alone - each(r / (2 * rest)) * among
    )


def alpha_if_dropped(covariance: Array) -> Array:
    """(..., k) alpha of the other items; nan where fewer than two are left.

    >>> alpha_if_dropped(np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])).round(3).tolist()
    [0.0, 0.0, 0.667]
    """
    k = covariance.shape[-1]
    kept = [np.delete(np.arange(k), j) for j in range(k)]
    return np.stack([alpha(covariance[..., places[:, None], places]) for places in kept], axis=-1)


# --- one common factor -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OneFactor:
    """Maximum likelihood loadings of one common factor, in the items' own units: ``Σ = λ λ' + diag ψ``.

    Attributes
    ----------
    loadings : (..., k), signed so that their sum is positive
    uniquenesses : (..., k) variance that an item shares with no other; below 0 in a Heywood case
    found : (...,) True where the iterations came to rest; elsewhere the numbers are nan
    """

    loadings: Array
    uniquenesses: Array
    found: Array

    @property
    def proper(self) -> Array:
        """(...,) False in a Heywood case, where an item would have to share more than all of its variance."""
        return np.asarray(self.found & (np.nan_to_num(self.uniquenesses, nan=-1.0) > 0).all(axis=-1))


def one_factor(covariance: Array) -> OneFactor:
    """One-factor model by maximum likelihood, for many covariance matrices at once.

    Minimises ``log|Σ| + tr(S Σ⁻¹)`` by Newton's method with the exact second derivatives (expected ones where these do not
    lead down). Uniquenesses are not kept above 0: a Heywood case shows itself as such. Needs three items or more and a
    covariance that can be inverted; with three items the fit is exact.

    References
    ----------
    Jöreskog (1967), Psychometrika 32, 443-482, doi:10.1007/BF02289658. Checked against lavaan 0.6-14 (tests/test_psychometrics.py).

    >>> found = one_factor(np.array([[1.0, 0.56, 0.48], [0.56, 1.0, 0.42], [0.48, 0.42, 1.0]]))
    >>> found.loadings.round(6).tolist(), bool(found.proper)
    ([0.8, 0.7, 0.6], True)
    """
    k, shape = covariance.shape[-1], covariance.shape[:-2]
    flat = np.asarray(covariance, dtype=float).reshape(-1, k, k)
    usable = is_definite(flat) & (k > 2)
    loadings, uniquenesses, found = (np.full((len(flat), k), np.nan) for _ in range(3))
    if usable.any():
        size = np.sqrt(np.diagonal(flat[usable], axis1=1, axis2=2))
        fitted, done = _fit(correlation_of(flat[usable]))
        sign = np.where(fitted[:, :k].sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
        kept = np.where(done[:, None], 1.0, np.nan)
        loadings[usable] = kept * sign * fitted[:, :k] * size
        uniquenesses[usable] = kept * fitted[:, k:] * size**2
        found[usable] = done[:, None]
    return OneFactor(loadings.reshape(*shape, k), uniquenesses.reshape(*shape, k), (found[:, 0] == 1).reshape(shape))


def _fit(correlation: Array) -> tuple[Array, Array]:
    """(r, 2k) loadings and uniquenesses, and (r,) whether they came to rest."""
    point = _start(correlation)
    value, slope, hessian = _likelihood(correlation, point)
    moving = np.flatnonzero(np.abs(slope).max(axis=1) > _GRADIENT)
    for _ in range(_STEPS):
        if not len(moving):
            break
        step = _downhill(correlation[moving], point[moving], slope[moving], hessian[moving])
        reached, went = _line_search(correlation[moving], point[moving], value[moving], slope[moving], step)
        moving = moving[went]
        point[moving] = reached[went]
        value[moving], slope[moving], hessian[moving] = _likelihood(correlation[moving], point[moving])
        moving = moving[np.abs(slope[moving]).max(axis=1, initial=0) > _GRADIENT]
    least = np.linalg.eigvalsh(hessian)[:, 0]
    return point, (np.abs(slope).max(axis=1) < _STUCK) & (least > _SINGULAR)


def _start(correlation: Array) -> Array:
    """(r, 2k) first guess: the main axis of the correlations with each item's largest one on the diagonal."""
    k = correlation.shape[-1]
    off = np.where(np.eye(k, dtype=bool), 0.0, correlation)
    reduced = off + np.abs(off).max(axis=2)[:, :, None] * np.eye(k)
    root, axis = np.linalg.eigh(reduced)
    loadings = np.clip(axis[:, :, -1] * np.sqrt(np.maximum(root[:, -1:], 0.05)), -0.95, 0.95)
    return np.concatenate([loadings, 1 - loadings**2], axis=1)


def _implied(point: Array) -> Array:
    """(r, k, k) covariance that loadings and uniquenesses imply."""
    k = point.shape[-1] // 2
    loadings, own = point[:, :k], point[:, k:]
    return loadings[:, :, None] * loadings[:, None, :] + own[:, :, None] * np.eye(k)


def _value(correlation: Array, point: Array) -> Array:
    """(r,) fit function; infinite where the implied matrix is no covariance.

    At most one uniqueness may be negative, and then the determinant tells.
    """
    k = point.shape[-1] // 2
    sign, size = np.linalg.slogdet(_implied(point))
    possible = (sign > 0) & ((point[:, k:] <= 0).sum(axis=1) < 2) & np.isfinite(size)
    safe = np.where(possible[:, None, None], _implied(point), np.eye(k))
    return np.where(possible, size + np.einsum("rij,rji->r", correlation, np.linalg.inv(safe)), np.inf)


def _likelihood(correlation: Array, point: Array) -> tuple[Array, Array, Array]:
    """Fit function (r,), its slope (r, 2k) and its second derivatives (r, 2k, 2k)."""
    inverse = np.linalg.inv(_implied(point))
    weighed = inverse @ correlation @ inverse
    k = point.shape[-1] // 2
    misfit, loadings = inverse - weighed, point[:, :k]
    slope = np.concatenate(
        [2 * np.einsum("rij,rj->ri", misfit, loadings), np.diagonal(misfit, axis1=1, axis2=2)], axis=1
    )
    return _value(correlation, point), slope, _second(inverse, weighed, loadings, misfit)


def _second(a: Array, b: Array, loadings: Array, misfit: Array) -> Array:
    """Second derivatives: ``d²F = tr((A − B) d²Σ) + tr((A dΣ B + B dΣ A − A dΣ A) dΣ)``; expected ones for B = A."""
    al, bl = (np.einsum("rij,rj->ri", each, loadings) for each in (a, b))
    la, lb = ((loadings * each).sum(axis=1)[:, None, None] for each in (al, bl))

    def outer(left: Array, right: Array) -> Array:
        return left[:, :, None] * right[:, None, :]

    crossed = outer(al, bl) + outer(bl, al)
    among = 2 * misfit + 2 * (crossed + lb * a + la * b - outer(al, al) - la * a)
    between = 2 * (a * bl[:, None, :] + b * al[:, None, :] - a * al[:, None, :])
    own = 2 * a * b - a * a
    upper = np.concatenate([among, between], axis=2)
    return np.concatenate([upper, np.concatenate([between.swapaxes(1, 2), own], axis=2)], axis=1)


def _downhill(correlation: Array, point: Array, slope: Array, hessian: Array) -> Array:
    """(r, 2k) Newton's step where the second derivatives allow one, else that of the expected ones."""
    step = _solved(hessian, -slope)
    uphill = np.flatnonzero(~((step * slope).sum(axis=1) < 0))
    if len(uphill):
        a = np.linalg.inv(_implied(point[uphill]))
        expected = _second(a, a, point[uphill, : point.shape[1] // 2], np.zeros_like(a))
        step[uphill] = _solved(expected, -slope[uphill])
    return step


def _solved(matrix: Array, right: Array) -> Array:
    """(r, m) solutions, with a trace of the identity so that a flat direction does not stop the others."""
    m = matrix.shape[-1]
    return np.asarray(np.linalg.solve(matrix + 1e-13 * np.eye(m), right[..., None])[..., 0])


def _line_search(correlation: Array, point: Array, value: Array, slope: Array, step: Array) -> tuple[Array, Array]:
    """(r, 2k) points that lie lower, and (r,) whether there was one on the way."""
    reached, went = point.copy(), np.zeros(len(point), dtype=bool)
    gain, length = (slope * step).sum(axis=1), 1.0
    for _ in range(_HALVINGS):
        left = np.flatnonzero(~went)
        tried = point[left] + length * step[left]
        lower = _value(correlation[left], tried) <= value[left] + 1e-4 * length * gain[left] + 1e-14
        reached[left[lower]], went[left[lower]] = tried[lower], True
        if went.all():
            break
        length /= 2
    return reached, went


def omega_of(loadings: Array, uniquenesses: Array) -> Array:
    """McDonald's omega total of one factor: ``(Σλ)² / ((Σλ)² + Σψ)``, the share of the sum's variance that is common.

    References
    ----------
    McDonald (1999), Test Theory: A Unified Treatment, Erlbaum, chapter 6.

    >>> float(omega_of(np.array([1.0, 1.0]), np.array([1.0, 1.0])).round(3))
    0.667
    """
    common, own = loadings.sum(axis=-1) ** 2, uniquenesses.sum(axis=-1)
    return np.asarray(common / (common + own))


def omega(covariance: Array) -> Array:
    """McDonald's omega of items with this covariance, by :func:`one_factor`; nan where that has no answer."""
    fitted = one_factor(covariance)
    return omega_of(fitted.loadings, fitted.uniquenesses)


def omega_slope(fitted: OneFactor, covariance: Array) -> Array:
    """(k, k) slope of :func:`omega`, by the implicit function at the solution.

    With H the second derivatives of the fit function and ``H v = ∂ω/∂(λ, ψ)`` it is ``A (v_λ λ' + λ v_λ' + diag v_ψ) A``,
    A the inverse of the implied covariance. Exact whether or not one factor fits.
    """
    k, loadings, own = len(covariance), fitted.loadings, fitted.uniquenesses
    common, rest = loadings.sum(), own.sum()
    whole = (common**2 + rest) ** 2
    return solve_curvature(fitted, covariance, np.full(k, 2 * common * rest / whole), np.full(k, -(common**2) / whole))


def solve_curvature(
    fitted: OneFactor, covariance: Array, by_loading: Array, by_uniqueness: Array | None = None
) -> Array:
    """(k, k) slope by the covariance of any function of loadings and uniquenesses, whose slopes by these are given."""
    k, loadings = len(covariance), fitted.loadings
    wanted = np.r_[by_loading, np.zeros(k) if by_uniqueness is None else by_uniqueness]
    point = np.r_[loadings, fitted.uniquenesses][None]
    v = np.linalg.solve(_likelihood(covariance[None], point)[2][0], wanted)
    inverse = np.linalg.inv(_implied(point)[0])
    middle = np.outer(v[:k], loadings) + np.outer(loadings, v[:k]) + np.diag(v[k:])
    return np.asarray(inverse @ middle @ inverse)


# --- intervals from the matrix alone ---------------------------------------------------------------------------


def feldt_interval(value: Any, n: Any, k: int, level: float) -> tuple[Any, Any]:
    """Feldt's interval of alpha: ``1 − (1 − alpha) F`` with F quantiles of n − 1 and (n − 1)(k − 1) degrees of freedom.

    Exact for normal answers of independent respondents to items that measure the same with equal covariances.

    References
    ----------
    Feldt (1965), Psychometrika 30, 357-370, doi:10.1007/BF02289499. Feldt, Woodruff and Salih (1987), Applied
    Psychological Measurement 11, 93-103, doi:10.1177/014662168701100107.

    >>> [round(float(bound), 3) for bound in feldt_interval(0.9143, 502, 22, 0.95)]
    [0.903, 0.925]
    """
    from scipy.special import fdtri

    tail, df = (1 - level) / 2, np.asarray(n, dtype=float) - 1
    return 1 - (1 - value) * fdtri(df, df * (k - 1), 1 - tail), 1 - (1 - value) * fdtri(df, df * (k - 1), tail)


def normal_variance(slope: Array, covariance: Array, n: float) -> float:
    """Variance of a function of the covariance of n independent normal answers: ``2 tr(G S G S) / (n − 1)``, G its slope."""
    product = slope @ covariance
    return float(2 * np.einsum("ij,ji->", product, product) / (n - 1))
