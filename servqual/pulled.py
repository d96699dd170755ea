"""Which of several is truly first? Draws of the true values of all, pulled towards each other.

Of several estimates the one that comes out first was partly lucky: the share of replicates in which it is first counts that luck
twice. Here all are pulled towards their common mean, each as far as its error asks for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.moments import one_blas_thread

Array = NDArray[Any]
FEWEST = 4  # estimates, below which nothing can be learnt of how they differ
_SPREADS, _SIZES = 40, 5  # values of the model's two parameters
_LEAST_DF, _MOST_DF = 3.0, 1e6


def pulled_draws(value: Array, covariance: Array, df: float, draws: int, seed: int) -> Array:
    """(draws, p) values that p things may truly have, such as the importance of drivers, all drawn together.

    Parameters
    ----------
    value : (p,) estimates
    covariance : (p, p) of their errors
    df : degrees of freedom it was estimated with
    draws, seed : how many, and from which seed

    Notes
    -----
    ``estimate = truth + e``, ``e ~ N(0, s S)``, ``truth ~ N(m, τ²)`` (Fay and Herriot): m and τ have flat priors,
    ``s = df/χ²`` since S is itself estimated. τ and s are summed over a grid, weighted by the restricted likelihood; given both, the
    truths are normal. Fewer than 4 tell nothing of τ: then nothing is pulled.

    References
    ----------
    Fay and Herriot (1979), Journal of the American Statistical Association 74, 269-277, doi:10.1080/01621459.1979.10482505. Laird
    and Louis (1989), Journal of Educational Statistics 14, 29-46, doi:10.3102/10769986014001029. Checked against
    the textbook posterior where errors are independent, and by simulation of whether stated chances come true
    (tests/test_drivers.py, tests/test_listening.py).

    Examples
    --------
    >>> value, error = np.array([0.10, 0.12, 0.14, 0.16, 0.30]), 0.05**2 * np.eye(5)
    >>> near = pulled_draws(value, error, 200.0, 20_000, seed=1)
    >>> bool(near[:, 4].mean() < 0.30), bool(near[:, 0].mean() > 0.10)
    (True, True)
    """
    generator, p = np.random.default_rng(seed), len(value)
    df = float(np.clip(df, _LEAST_DF, _MOST_DF))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    error = root @ root.T
    scale = float(np.sqrt(np.diagonal(error).mean()))
    if scale == 0:
        return np.tile(value, (draws, 1))
    if p < FEWEST:
        normal = generator.standard_normal((draws, p)) @ root.T
        return np.asarray(value + normal * np.sqrt(df / generator.chisquare(df, (draws, 1))))
    with one_blas_thread():
        tau, size, chance = _grid(value / scale, error / scale**2, df)
        place = np.searchsorted(np.cumsum(chance), (np.arange(draws) + generator.random()) / draws)
        counts = np.bincount(np.minimum(place, len(chance) - 1), minlength=len(chance))
        parts = [
            _truths(value / scale, error / scale**2 * s, root / scale * np.sqrt(s), t, int(n), generator)
            for t, s, n in zip(tau, size, counts, strict=True)
            if n
        ]
    return np.asarray(generator.permutation(np.concatenate(parts)) * scale)


def _grid(y: Array, error: Array, df: float) -> tuple[Array, Array, Array]:
    """τ, s and their probabilities, (n,) each, in units in which errors are about 1."""
    from scipy.stats import chi2

    p = len(y)
    most = 4 * max(float(np.ptp(y)), 1.0)
    taus = most * ((np.arange(_SPREADS) + 0.5) / _SPREADS) ** 2
    steps = 2 * taus**0.5  # what a step of the grid spans
    sizes = df / chi2.ppf((np.arange(_SIZES) + 0.5) / _SIZES, df)
    tau, size = np.repeat(taus, _SIZES), np.tile(sizes, _SPREADS)
    whole = size[:, None, None] * error + tau[:, None, None] ** 2 * np.eye(p)
    inverse = np.linalg.inv(whole)
    ones = inverse.sum(axis=-1)
    gram = ones.sum(axis=-1)
    mean = (ones @ y) / gram
    away = y - mean[:, None]
    log = -np.linalg.slogdet(whole)[1] / 2 - np.log(gram) / 2 - np.einsum("ni,nij,nj->n", away, inverse, away) / 2
    weight = np.exp(log - log.max()) * np.repeat(steps, _SIZES)
    return tau, size, weight / weight.sum()


def _truths(y: Array, error: Array, root: Array, tau: float, n: int, generator: np.random.Generator) -> Array:
    """(n, p) truths given τ: drawn without the data, then moved by what the data say."""
    p = len(y)
    inverse = np.linalg.inv(error + tau**2 * np.eye(p))
    gram = inverse.sum()
    mean = inverse.sum(axis=0) @ y / gram + generator.standard_normal((n, 1)) / np.sqrt(gram)
    prior = mean + tau * generator.standard_normal((n, p))
    noise = generator.standard_normal((n, p)) @ root.T
    return np.asarray(prior + tau**2 * (y - prior - noise) @ inverse)
