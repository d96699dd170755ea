"""Two true values of each of several stores, pulled together: how likely do they lie on these sides of two lines?

Two scores of one store err independently where different people gave them, yet the true ones go together from store to store.
Whoever multiplies the two chances takes them for strangers, and finds too many stores that are good on one side and bad on the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SPREADS, _TIES = 16, 13  # values of each spread, and of the correlation
_KEPT = 0.999  # of their probability: the rest is left out
_STEPS = 24  # points over which a corner is summed
_FAR = 8.0  # standard deviations, beyond which nothing is left


@dataclass(frozen=True, eq=False)
class PulledPairs:
    """Pairs of estimates of k stores, and how they may truly differ from store to store.

    Attributes
    ----------
    centre, scale : (2,) what estimates are measured from, and in
    y, v : (k, 2) estimates and error variances in these units
    between : (j, 2, 2) covariances of the true values, the likeliest of a grid
    weight : (j,) how likely each is; sums to 1

    Notes
    -----
    ``estimate = truth + e`` with independent errors, ``truth ~ N(m, T)`` over the stores, T with two standard deviations and a
    correlation: Fay and Herriot's model for two. All three and m have flat priors, and are summed over a grid by their restricted
    likelihood; given them, the truths of a store are normal in two dimensions.

    References
    ----------
    Fay and Herriot (1979), Journal of the American Statistical Association 74, 269-277, doi:10.1080/01621459.1979.10482505. Checked
    against draws from the model, and by simulation of whether stated chances come true (tests/test_pulled_pairs.py).

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> truth = g.multivariate_normal([75, 75], [[64, 45], [45, 64]], 40)
    >>> seen = truth + g.normal(0, [5, 6], (40, 2))
    >>> seen[0] = 90, 64
    >>> pairs = PulledPairs.of(seen, np.tile([25.0, 36.0], (40, 1)))
    >>> pairs.corner((85, 70), (True, False))[0].round(2).tolist()
    0.1
    """

    centre: Array
    scale: Array
    y: Array
    v: Array
    between: Array
    weight: Array

    @classmethod
    def of(cls, value: Array, variance: Array) -> PulledPairs:
        """From (k, 2) estimates and the variances of their errors, which are above 0."""
        centre, scale = value.mean(axis=0), np.maximum(value.std(axis=0, ddof=1), np.sqrt(variance.mean(axis=0)))
        y, v = (value - centre) / scale, variance / scale**2
        most = 3 * max(float(np.ptp(y, axis=0).max()) / 2, 1.0)
        spreads = most * ((np.arange(_SPREADS) + 0.5) / _SPREADS) ** 2
        ties = (2 * np.arange(_TIES) + 1) / _TIES - 1
        first, second, tie = (each.ravel() for each in np.meshgrid(spreads, spreads, ties, indexing="ij"))
        off = tie * first * second
        between = np.stack([first**2, off, off, second**2], axis=-1).reshape(-1, 2, 2)
        log = (
            _log_likelihood(y, v, between) + np.log(first * second) / 2
        )  # a step of the grid spans the root of a spread
        chance = np.exp(log - log.max())
        order = np.argsort(-chance)
        kept = order[: int(np.searchsorted(np.cumsum(chance[order]), _KEPT * chance.sum())) + 1]
        weight = chance[kept]
        return cls(centre, scale, y, v, between[kept], weight / weight.sum())

    def corner(self, lines: tuple[float, float], above: tuple[bool, bool]) -> Array:
        """(k,) probability that both true values of a store lie on the named sides of two lines: at or above, or under it.

        Where the two sides have nothing in common, this is about the product of two chances; where they have, far less for a
        store that is unlike the others.
        """
        sides = np.where(above, 1.0, -1.0)
        cuts = sides * (np.asarray(lines, dtype=float) - self.centre) / self.scale
        mean, covariance = self._truths
        turned = covariance * np.outer(sides, sides)  # every corner becomes the upper right one
        return np.asarray(self.weight @ _upper_right(mean * sides, turned, cuts))

    @cached_property
    def _truths(self) -> tuple[Array, Array]:
        """(j, k, 2) means and (j, k, 2, 2) covariances of the true values, given the parameters."""
        inverse = np.linalg.inv(self.between[:, None] + self.v[:, None] * np.eye(2))
        gram = np.linalg.inv(inverse.sum(axis=1))
        middle = np.einsum("jab,jkbc,kc->ja", gram, inverse, self.y)
        away = self.y - middle[:, None]
        pull = self.between[:, None] @ inverse
        rest = np.eye(2) - pull
        mean = middle[:, None] + np.einsum("jkab,jkb->jka", pull, away)
        covariance = rest @ self.between[:, None] + rest @ gram[:, None] @ rest.transpose(0, 1, 3, 2)
        return mean, covariance


def _log_likelihood(y: Array, v: Array, between: Array) -> Array:
    """(j,) log of the restricted likelihood."""
    a, d, b = between[:, 0, 0, None] + v[:, 0], between[:, 1, 1, None] + v[:, 1], between[:, 0, 1, None]
    size = a * d - b**2
    first, second, cross = d / size, a / size, -b / size  # the inverses
    one, two = y.T
    gram = np.array([[first.sum(axis=1), cross.sum(axis=1)], [cross.sum(axis=1), second.sum(axis=1)]]).transpose(
        2, 0, 1
    )
    shared = np.stack([first @ one + cross @ two, cross @ one + second @ two], axis=1)
    squares = first @ one**2 + second @ two**2 + 2 * (cross @ (one * two))
    squares -= np.einsum("ja,jab,jb->j", shared, np.linalg.inv(gram), shared)
    return np.asarray(-(np.log(size).sum(axis=1) + np.linalg.slogdet(gram)[1] + squares) / 2)


def _upper_right(mean: Array, covariance: Array, cuts: Array) -> Array:
    """(j, k) probability that both of two normal values are at least ``cuts``: over the first, the chance of the second."""
    from scipy.special import ndtr

    sd, slope = np.sqrt(covariance[..., 0, 0]), covariance[..., 0, 1] / covariance[..., 0, 0]
    rest = np.sqrt(np.maximum(covariance[..., 1, 1] - slope * covariance[..., 0, 1], 1e-18))
    low = np.clip((cuts[0] - mean[..., 0]) / sd, -_FAR, _FAR)
    nodes, weights = np.polynomial.legendre.leggauss(_STEPS)
    half = (_FAR - low) / 2
    out = np.zeros(low.shape)
    for node, weight in zip(nodes, weights, strict=True):
        z = low + half * (node + 1)
        second = mean[..., 1] + slope * sd * z
        out += weight * half * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * ndtr((second - cuts[1]) / rest)
    return out
