"""How sure is a place on the map, and a rank? Joint draws of the true importance and performance of all items.

Of many items the one that looks worst was partly unlucky: chances read off the raw estimates and their errors claim too
much. Here all items are pulled towards their common mean, each as far as its error asks for, importance and performance
together, and what is not known of the pull itself is drawn as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.moments import one_blas_thread
from servqual.stores import rank_draws

Array = NDArray[Any]
QUADRANT_NAMES = ("concentrate_here", "keep_up", "low_priority", "possible_overkill")
FEWEST_PULLED = 4  # items, below which nothing can be learnt of how items differ

_SCOUTS, _POINTS, _NODES = 192, 320, 100  # values of the model's parameters: first look, second look, kept
_TAILS = 5.0  # degrees of freedom of the proposals
_LEAST_DF, _MOST_DF = 3.0, 1e6
_PART = 500  # draws ranked at a time


# --- the error of the estimates ----------------------------------------------------------------------------


def steadied(covariance: Array, df: float) -> Array:
    """The covariance of k importances and k performances with its correlations steadied: from few clusters they are
    noise.

    Parameters
    ----------
    covariance : (2k, 2k), importances first
    df : degrees of freedom it was estimated with

    Returns
    -------
    (2k, 2k) the same variances; correlations ``(1 − a) r + a t``.

    Notes
    -----
    The target t knows four correlations only, each the mean of its kind: between two importances, between two
    performances, between an item's own two, and between one item's importance and another's performance. (It is the
    average of the matrix over all orders of the items, hence never indefinite.) ``a = min(1, Σ (1 − r²)²/df / Σ (r −
    t)²)`` is the share of the spread about the target that chance alone would give: 0 for many respondents, near 1 for
    as many clusters as items.

    References
    ----------
    Schäfer and Strimmer (2005), Statistical Applications in Genetics and Molecular Biology 4, 32,
    doi:10.2202/1544-6115.1175, whose target is a single correlation.

    Examples
    --------
    >>> steadied(np.diag([1.0, 1.0, 4.0, 4.0]), 10.0).diagonal().tolist()
    [1.0, 1.0, 4.0, 4.0]
    """
    sd = np.sqrt(np.clip(np.diagonal(covariance), 0, None))
    size = np.where(sd > 0, sd, 1.0)
    r = covariance / np.outer(size, size)
    np.fill_diagonal(r, 1.0)
    target = _averaged(r)
    between = np.outer(sd > 0, sd > 0) & ~np.eye(len(r), dtype=bool)
    noise = float(((1 - r[between] ** 2) ** 2).sum()) / df
    spread = float(((r - target)[between] ** 2).sum())
    share = min(1.0, noise / spread) if spread > 0 else 1.0
    return np.asarray(((1 - share) * r + share * target) * np.outer(sd, sd))


def _averaged(r: Array) -> Array:
    """A (2k, 2k) correlation matrix averaged over all orders of the items."""
    k = len(r) // 2
    own = np.eye(k, dtype=bool)
    blocks = []
    for rows in (slice(0, k), slice(k, 2 * k)):
        line = []
        for columns in (slice(0, k), slice(k, 2 * k)):
            block = r[rows, columns]
            others = block[~own].mean() if k > 1 else 0.0
            line.append(np.where(own, block[own].mean(), others))
        blocks.append(line)
    return np.block(blocks)


# --- the model ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Model:
    """``y = m + u + e``: items differ by ``u ~ N(0, T)`` in both coordinates, estimates err by ``e ~ N(0, s S)``.

    A point of its parameters is ``log τ1, log τ2, atanh ρ, log s``: how items differ in importance and in performance,
    how these two go together, and by how much the errors are larger than estimated.

    Attributes
    ----------
    y : (2k,) estimates in units of ``scale``, importances first
    error : (2k, 2k) S in the same units
    df : degrees of freedom of S
    """

    y: Array
    error: Array
    df: float

    @property
    def k(self) -> int:
        return len(self.y) // 2

    def between(self, points: Array) -> Array:
        """(j, 2, 2) T."""
        tau, rho = np.exp(points[:, :2]), np.tanh(points[:, 2])
        off = rho * tau[:, 0] * tau[:, 1]
        return np.stack([np.stack([tau[:, 0] ** 2, off], axis=1), np.stack([off, tau[:, 1] ** 2], axis=1)], axis=1)

    def total(self, points: Array) -> Array:
        """(j, 2k, 2k) covariance of the estimates about the common mean."""
        k, t = self.k, self.between(points)
        whole = np.exp(points[:, 3])[:, None, None] * self.error
        place = np.arange(k)
        for a in range(2):
            for b in range(2):
                whole[:, a * k + place, b * k + place] += t[:, a, b, None]
        return whole

    def sides(self) -> Array:
        """(2k, 2) which estimates are importances, and which performances."""
        return np.repeat(np.eye(2), self.k, axis=0)

    def log_density(self, points: Array) -> Array:
        """(j,) log of the restricted likelihood times the prior, up to a constant.

        One factorisation does all: of V bordered by the estimates and the two sides, whose lower rows are then these
        divided by V's own root. Flat on τ1, on τ2 and on −1 < ρ < 1, and s as ``df/χ²``.
        """
        n, sides = len(self.y), self.sides()
        whole = np.zeros((len(points), n + 3, n + 3))
        whole[:, :n, :n] = self.total(points)
        whole[:, n, :n], whole[:, n + 1 :, :n] = self.y, sides.T
        whole[:, range(n, n + 3), range(n, n + 3)] = 1e30
        root = np.linalg.cholesky(whole)
        with np.errstate(divide="ignore"):
            size = np.log(np.diagonal(root[:, :n, :n], axis1=1, axis2=2)).sum(axis=1)
        y, x = root[:, n, :n], root[:, n + 1 :, :n]
        gram, shared = x @ x.transpose(0, 2, 1), (x @ y[:, :, None])[:, :, 0]
        fitted = (shared * np.linalg.solve(gram, shared[:, :, None])[:, :, 0]).sum(axis=1)
        likelihood = -size - np.linalg.slogdet(gram)[1] / 2 - ((y**2).sum(axis=1) - fitted) / 2
        log_s = points[:, 3]
        prior = points[:, :2].sum(axis=1) - 2 * np.log(np.cosh(points[:, 2])) - self.df / 2 * (log_s + np.exp(-log_s))
        return np.asarray(likelihood + prior)

    def truths(self, nodes: Array, each: int, generator: np.random.Generator) -> Array:
        """(nodes * each, 2k) truths that the estimates leave open: drawn without the data, then moved by what the data
        say."""
        k, sides = self.k, self.sides()
        inverse, t = np.linalg.inv(self.total(nodes)), self.between(nodes)
        precision = sides.T @ inverse @ sides
        mean = np.linalg.solve(precision, (sides.T @ inverse @ self.y)[:, :, None])[:, :, 0]
        around = np.linalg.cholesky(np.linalg.inv(precision))
        shape = (len(nodes), each)
        centre = mean[:, None] + np.einsum("jab,jeb->jea", around, generator.normal(size=(*shape, 2)))
        values, vectors = np.linalg.eigh(self.error)
        own = generator.normal(size=(*shape, 2 * k)) @ (vectors * np.sqrt(np.clip(values, 0, None))).T
        error = own * np.exp(nodes[:, 3] / 2)[:, None, None]
        unlike = np.einsum("jab,jebk->jeak", np.linalg.cholesky(t), generator.normal(size=(*shape, 2, k)))
        prior = (centre[..., None] + unlike).reshape(*shape, 2 * k)
        moved = ((self.y - prior - error) @ inverse).reshape(*shape, 2, k)
        pulled = prior.reshape(*shape, 2, k) + np.einsum("jab,jebk->jeak", t, moved)
        return np.asarray(pulled.reshape(-1, 2 * k))


def joint_draws(value: Array, covariance: Array, df: float, draws: int, seed: int) -> Array:
    """True importance and performance of k items that their estimates leave open, all drawn together.

    Parameters
    ----------
    value : (k, 2) estimates: importance, performance
    covariance : (2k, 2k) of their errors, importances first; 0 where a number was given without error
    df : its degrees of freedom
    draws, seed : how many, and from which seed

    Returns
    -------
    (draws, k, 2)

    Notes
    -----
    The bivariate form of Fay and Herriot's model: ``estimate = truth + e``, ``e ~ N(0, s S)`` with S from the sample
    design (:func:`steadied`), ``truth ~ N(m, T)`` over the items. m has a flat prior, as have the two standard
    deviations of T and their correlation (flat variances, as for stores, claim differences where there are hardly any);
    ``s = df/χ²`` since S is itself estimated. T and s are integrated over by importance sampling: a first look, a
    second around what it found, and a hundred values kept. With fewer than four items there is nothing to learn of T:
    the draws are then a t distribution about the estimates.

    Where they fail: items that are in truth all alike, a third of their errors apart. The model can't rule out that they differ, and
    in the few studies in which they seem to, less than half of the statements of 75 to 85% come true (64 statements of 200 studies).
    They held on truths outside the page: skewed, piled up and tied at the top of the scale (79.9% of 986 quadrants, 82% of 201 ranks),
    and with 8 clusters instead of 40 (83.0% of 1,218, 79% of 228, where shares of bootstrap samples came true in 73 and 68%).

    References
    ----------
    Fay and Herriot (1979), Journal of the American Statistical Association 74, 269-277,
    doi:10.1080/01621459.1979.10482505. Laird and Louis (1989), Journal of Educational Statistics 14, 29-46,
    doi:10.3102/10769986014001029. Checked against a dense grid over both spreads and their correlation (tests/test_chances.py), and by
    simulation (docs/chances.md).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> truth = rng.normal([6, 5], [0.3, 0.5], (20, 2))
    >>> near = joint_draws(truth + rng.normal(0, 0.1, (20, 2)), 0.01 * np.eye(40), 100.0, 500, seed=0)
    >>> near.shape, bool(np.abs(near.mean(axis=0) - truth).max() < 0.4)
    ((500, 20, 2), True)
    """
    generator = np.random.default_rng(seed)
    df = float(np.clip(df, _LEAST_DF, _MOST_DF))
    k, error = len(value), steadied(covariance, df)
    scale = np.repeat(_scales(value, error), k)
    centre = np.repeat(value.mean(axis=0), k)
    model = _Model((value.T.ravel() - centre) / scale, error / np.outer(scale, scale), df)
    with one_blas_thread():
        found = _unpulled(model, draws, generator) if k < FEWEST_PULLED else _pulled(model, draws, generator)
    return np.asarray((found * scale + centre).reshape(draws, 2, k).transpose(0, 2, 1))


def _scales(value: Array, error: Array) -> Array:
    """(2,) a size for each coordinate: its typical error, else its spread."""
    k = len(value)
    variance = np.diagonal(error).reshape(2, k).mean(axis=1)
    spread = value.var(axis=0)
    found = np.where(variance > 0, variance, spread)
    return np.sqrt(np.where(found > 0, found, 1.0))


def _unpulled(model: _Model, draws: int, generator: np.random.Generator) -> Array:
    values, vectors = np.linalg.eigh(model.error)
    normal = generator.normal(size=(draws, len(model.y))) @ (vectors * np.sqrt(np.clip(values, 0, None))).T
    return np.asarray(model.y + normal * np.sqrt(model.df / generator.chisquare(model.df, (draws, 1))))


def _pulled(model: _Model, draws: int, generator: np.random.Generator) -> Array:
    nodes = _nodes(model, generator)
    truths = model.truths(nodes, -(-draws // len(nodes)), generator)
    return truths.reshape(len(nodes), -1, len(model.y)).transpose(1, 0, 2).reshape(len(truths), -1)[:draws]


def _nodes(model: _Model, generator: np.random.Generator) -> Array:
    """(nodes, 4) values of the parameters, as often as they are probable."""
    k = model.k
    seen = model.y.reshape(2, k).var(axis=1, ddof=1) - np.diagonal(model.error).reshape(2, k).mean(axis=1)
    centre = np.array([*np.log(np.maximum(seen, 0.2)) / 2, 0.0, 0.0])
    spread = np.diag([0.5, 0.5, 0.6, np.sqrt(2 / model.df)]) ** 2
    first = _Proposal.about(centre, spread)
    scouts = first.draw(_SCOUTS, generator)
    density = model.log_density(scouts)
    weight = _normed(density - first.log_density(scouts))
    centre = weight @ scouts
    apart = scouts - centre
    second = _Proposal.about(centre, 1.2 * (apart.T * weight) @ apart + 0.05 * spread)
    points = np.concatenate([scouts, second.draw(_POINTS, generator)])
    density = np.concatenate([density, model.log_density(points[_SCOUTS:])])
    both = np.logaddexp(np.log(_SCOUTS) + first.log_density(points), np.log(_POINTS) + second.log_density(points))
    chance = np.cumsum(_normed(density - both))
    places = (np.arange(_NODES) + generator.random()) / _NODES
    return np.asarray(points[np.minimum(np.searchsorted(chance, places), len(points) - 1)])


def _normed(log_weight: Array) -> Array:
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


@dataclass(frozen=True, eq=False)
class _Proposal:
    """A t distribution that points are drawn from."""

    centre: Array
    root: Array

    @classmethod
    def about(cls, centre: Array, spread: Array) -> _Proposal:
        return cls(centre, np.linalg.cholesky(spread))

    def draw(self, n: int, generator: np.random.Generator) -> Array:
        wide = np.sqrt(_TAILS / generator.chisquare(_TAILS, (n, 1)))
        return np.asarray(self.centre + wide * generator.normal(size=(n, len(self.centre))) @ self.root.T)

    def log_density(self, points: Array) -> Array:
        """(n,) up to a constant that all proposals share."""
        away = np.linalg.solve(self.root, (points - self.centre).T)
        size = np.log(np.diagonal(self.root)).sum()
        return np.asarray(-size - (_TAILS + len(self.centre)) / 2 * np.log1p((away**2).sum(axis=0) / _TAILS))


# --- from draws to chances ---------------------------------------------------------------------------------


def quadrants_of(points: Array, cuts: Array, diagonal: bool = False) -> Array:
    """(..., k) places in :data:`QUADRANT_NAMES` of points (..., k, 2) for crosshairs (..., 2).

    ``importance ≥ cut`` is important, ``performance ≥ cut`` performs well. With ``diagonal`` whatever performs below
    its importance is to concentrate on, and an item above the diagonal that the crosshairs would send there is kept up.

    >>> quadrants_of(np.array([[6, 4], [6, 6], [4, 4], [4, 6]]), np.array([5, 5])).tolist()
    [0, 1, 2, 3]
    """
    important, well = points[..., 0] >= cuts[..., None, 0], points[..., 1] >= cuts[..., None, 1]
    if diagonal:
        short = points[..., 1] < points[..., 0]
        return np.asarray(np.select([short, important, ~well], [0, 1, 2], 3))
    return np.asarray(np.where(important, np.where(well, 1, 0), np.where(well, 3, 2)))


def quadrant_chances(draws: Array, cut: Callable[[Array], Array], diagonal: bool = False) -> Array:
    """(k, 4) chance of each quadrant, the crosshairs set anew in each of (d, k, 2) draws."""
    placed = quadrants_of(draws, cut(draws), diagonal)
    return np.stack([(placed == q).mean(axis=0) for q in range(len(QUADRANT_NAMES))], axis=-1)


def rank_chances(index: Array) -> Array:
    """(k, k) chance of each item (row) to have each rank (column), from (d, k) draws of what is ranked, largest first.

    >>> rank_chances(np.array([[3.0, 2.0], [1.0, 2.0]])).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    k = index.shape[1]
    counts = np.zeros((k, k))
    for start in range(0, len(index), _PART):
        ranks = rank_draws(index[start : start + _PART])
        np.add.at(counts, (np.broadcast_to(np.arange(k), ranks.shape), ranks - 1), 1)
    return counts / len(index)
