"""What would unrelated items show? Eigenvalues of random correlation matrices, the yardstick of parallel analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.factors.extraction import LEAST_UNIQUE
from servqual.moments import one_blas_thread

Array = NDArray[Any]

_BATCH = 4_000_000  # numbers drawn at once
_SWEEPS, _SETTLED = 500, 1e-4


def random_correlations(n: int, p: int, replicates: int, rng: np.random.Generator) -> Array:
    """(replicates, p, p) correlation matrices of n independent normal answers to p unrelated items.

    Their sums of products are Wishart with n - 1 degrees of freedom, drawn as a triangular root (Bartlett's decomposition):
    the cost does not depend on n.
    """
    if n <= p:
        rows = rng.standard_normal((replicates, n, p))
        root = np.swapaxes(rows - rows.mean(axis=1, keepdims=True), 1, 2)
    else:
        root = np.tril(rng.standard_normal((replicates, p, p)), -1)
        root[:, np.arange(p), np.arange(p)] = np.sqrt(rng.chisquare(n - 1 - np.arange(p), (replicates, p)))
    root /= np.sqrt((root**2).sum(axis=2, keepdims=True))
    out = root @ np.swapaxes(root, 1, 2)
    out[:, np.arange(p), np.arange(p)] = 1.0
    return np.asarray(out)


def eigenvalues(correlations: Array) -> Array:
    """(..., p) falling eigenvalues."""
    return np.asarray(np.linalg.eigvalsh(correlations)[..., ::-1])


def common_eigenvalues(correlations: Array) -> Array:
    """(..., p) falling eigenvalues with communalities of one minres factor on the diagonal, as R's ``psych::fa.parallel`` takes them.

    Squared multiple correlations on the diagonal (Humphreys and Montanelli 1975) count more factors, often too many.
    """
    stack = correlations.reshape(-1, *correlations.shape[-2:]).copy()
    diagonal = np.arange(stack.shape[-1])
    stack[:, diagonal, diagonal] = one_factor(stack) ** 2
    return eigenvalues(stack).reshape(correlations.shape[:-1])


def one_factor(stack: Array) -> Array:
    """(s, p) minres loadings of one factor for each of s correlation matrices, found one item at a time.

    Given the others, the best loading of an item is ``sum r_ij l_j / sum l_j^2`` (Harman and Jones 1966), cut where its
    communality would pass .995 (Harman and Fukuda 1966).

    >>> one_factor(np.array([[[1, 0.72, 0.63], [0.72, 1, 0.56], [0.63, 0.56, 1]]])).round(3).tolist()
    [[0.9, 0.8, 0.7]]
    """
    p = stack.shape[-1]
    hollow = stack.copy()
    hollow[:, np.arange(p), np.arange(p)] = 0.0
    reduced = hollow + np.abs(hollow).max(axis=2)[:, :, None] * np.eye(p)
    values, vectors = np.linalg.eigh(reduced)
    out = vectors[:, :, -1] * np.where(vectors[:, :, -1].sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    out *= np.sqrt(np.maximum(values[:, -1:], 0.0))
    going, most = np.arange(len(stack)), np.sqrt(1 - LEAST_UNIQUE)
    for _ in range(_SWEEPS):
        loadings, part = out[going], hollow[going]
        square = (loadings**2).sum(axis=1)
        for item in range(p):
            rest = np.maximum(square - loadings[:, item] ** 2, 1e-12)
            new = np.clip((part[:, item] * loadings).sum(axis=1) / rest, -most, most)
            square, loadings[:, item] = rest + new**2, new
        moved = np.abs(loadings - out[going]).max(axis=1) > _SETTLED
        out[going] = loadings
        going = going[moved]
        if not len(going):
            break
    return np.asarray(out)


def chance_eigenvalues(
    n: int, p: int, replicates: int, seed: int, thresholds: Sequence[Array] | None = None
) -> tuple[Array, Array]:
    """(replicates, p) eigenvalues of random correlation matrices, and of the same with communalities on the diagonal.

    With the ``thresholds`` of ordered answers the matrices are as polychoric correlations of unrelated items are: these vary more
    than Pearson's, by ``1 / sqrt(I_i I_j)`` with I the information about a latent variable that an item's categories keep.
    """
    rng, size = np.random.default_rng(seed), max(1, _BATCH // (p * max(p, n if n <= p else p)))
    wider = np.ones((p, p))
    if thresholds is not None:
        kept = np.sqrt([information_kept(cuts) for cuts in thresholds])
        wider = 1 / np.outer(kept, kept)
        np.fill_diagonal(wider, 1.0)
    whole, common = [], []
    with one_blas_thread():
        for start in range(0, replicates, size):
            drawn = random_correlations(n, p, min(size, replicates - start), rng) * wider
            whole.append(eigenvalues(drawn))
            common.append(common_eigenvalues(drawn))
    return np.concatenate(whole), np.concatenate(common)


def information_kept(cuts: Array) -> float:
    """Share of the information about a normal variable's correlations with others that is left once it is cut into categories.

    ``sum (f(lower) - f(upper))^2 / share`` over categories, f the normal density at their bounds: 2/pi for two halves, near 1
    for many categories.

    >>> round(information_kept(np.array([0.0])), 4), round(information_kept(np.linspace(-2, 2, 30)), 2)
    (0.6366, 0.99)
    """
    from scipy.special import ndtr

    bounds = np.concatenate([[-np.inf], np.asarray(cuts, float), [np.inf]])
    density = np.exp(-(bounds**2) / 2) / np.sqrt(2 * np.pi)
    return float((np.diff(density) ** 2 / np.diff(ndtr(bounds))).sum())


def leading_run(observed: Array, reference: Array) -> int:
    """How many leading eigenvalues exceed their reference, up to the first that does not.

    >>> leading_run(np.array([3.0, 1.1, 1.3]), np.array([1.4, 1.2, 1.1]))
    1
    """
    return int(np.cumprod(observed > reference).sum())
