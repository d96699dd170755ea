"""How are two ordered answers correlated underneath? Polychoric correlations from tables of counts, their errors, one pair or all.

Kernels on arrays: what is counted once serves any number of respondents. :func:`servqual.correlations.item_matrix` reads answers
into them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS
from servqual.moments import one_blas_thread
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text

Array = NDArray[Any]
Method = Literal["ml", "two-step"]

_ROWS = 16_384  # rows of one product
_FAR = 38.0  # the normal density is 0 from here on
_TINY = 1e-15  # cells below rounding
BOUND = 0.9999  # correlations beyond are not told apart
_NEAR_BOUND = 1e-7
_STEP = 1e-9
_NEWTON = 1e-5  # a step of Newton's this small leaves an error of about its square
_NO_INFORMATION = 1e-12  # per respondent: the likelihood is flat
_ROUNDING = 1e-13
_ROUNDS = 100  # halving the interval alone takes 31
_MOST_NAMED = 6


def told(cases: pd.DataFrame) -> str:
    """Which items or pairs have which problem, the first of them by name."""
    parts = []
    for problem, part in cases.groupby("problem", sort=False):
        pairs = part[["row", "column"]].to_numpy().tolist()
        named = [row if row == column else f"{row}-{column}" for row, column in pairs[:_MOST_NAMED]]
        parts.append(f"{problem}: {', '.join(named)}{', …' if len(pairs) > _MOST_NAMED else ''}")
    return "; ".join(parts)


# --- how often were two answers given together? ------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PairCounts:
    """How often every two answers were given together, for all pairs of k items: all that polychorics need.

    Two parts of the data give two values whose sum equals one pass over the whole.

    Attributes
    ----------
    names : (k,) item ids
    low : the answer that the first category stands for
    sums : (powers, k c, k c) for c categories an item: sums of w^0, w^1 and w^2 over the respondents who gave both
        answers (w^0 alone without weights). The block of an item with itself has its own distribution on the diagonal
    rows : respondents seen
    unused : those of them who answered fewer than two of the items

    Examples
    --------
    >>> counts = PairCounts.of(np.array([[1, 2], [1, 2], [2, 1], [2, np.nan]]), ["a", "b"], 1, 2)
    >>> counts.table("a", "b").tolist(), counts.distribution("a").tolist(), counts.unused
    ([[0.0, 2.0], [1.0, 0.0]], [2.0, 2.0], 1)
    """

    names: tuple[str, ...]
    low: int
    sums: Array
    rows: int
    unused: int

    @classmethod
    def of(cls, values: Array, names: Sequence[str], low: int, size: int, weight: Array | None = None) -> PairCounts:
        """Counts of (n, k) whole numbers from ``low`` to ``low + size - 1``, nan where missing."""
        n, k = values.shape
        kind = np.float32 if weight is None else np.float64  # sums of ones are exact below 2^24
        sums = np.zeros((1 if weight is None else 3, k * size, k * size))
        answers, unused = low + np.arange(size, dtype=values.dtype), 0
        with one_blas_thread():
            for start in range(0, n, _ROWS):
                part = values[start : start + _ROWS]
                given = (part[:, :, None] == answers).reshape(len(part), -1).astype(kind)
                unused += int((given.sum(axis=1) < 2).sum())
                sums[0] += given.T @ given
                for power in range(1, len(sums)):
                    own = np.asarray(weight)[start : start + _ROWS] ** power
                    sums[power] += given.T @ (given * own[:, None])
        return cls(tuple(names), low, sums, n, unused)

    def __add__(self, other: PairCounts) -> PairCounts:
        """The counts of both parts."""
        if (self.names, self.low, self.sums.shape[1:]) != (other.names, other.low, other.sums.shape[1:]):
            raise SpecError("counts of different items, or on another scale, cannot be added.")
        powers = max(len(self.sums), len(other.sums))
        mine, theirs = (
            part.sums if len(part.sums) == powers else np.repeat(part.sums, powers, axis=0) for part in (self, other)
        )
        return PairCounts(self.names, self.low, mine + theirs, self.rows + other.rows, self.unused + other.unused)

    @property
    def size(self) -> int:
        """Categories an item."""
        return self.sums.shape[1] // len(self.names)

    @property
    def weighted(self) -> bool:
        """True if any weight differs from 1."""
        return len(self.sums) > 1 and not np.array_equal(self.sums[0], self.sums[1])

    def blocks(self, power: int = 1) -> Array:
        """(k, k, c, c) tables of all pairs; ``power`` 0 counts, 1 sums weights, 2 their squares."""
        k, c = len(self.names), self.size
        return self.sums[min(power, len(self.sums) - 1)].reshape(k, c, k, c).transpose(0, 2, 1, 3)

    def margins(self, power: int = 1) -> Array:
        """(k, c) each item's own distribution, over all who answered it."""
        return np.diag(self.sums[min(power, len(self.sums) - 1)]).reshape(len(self.names), self.size)

    @property
    def n_pairs(self) -> Array:
        """(k, k) respondents who answered both items."""
        return self.blocks(0).sum(axis=(2, 3)).round().astype(np.int64)

    def table(self, first: str, second: str, power: int = 1) -> Array:
        """(c, c) table of one pair, rows the first item's answers."""
        return self.blocks(power)[self.names.index(first), self.names.index(second)]

    def distribution(self, name: str, power: int = 1) -> Array:
        """(c,) how often each answer was given to an item."""
        return self.margins(power)[self.names.index(name)]


# --- the bivariate normal distribution ---------------------------------------------------------------------


def bivariate_normal_cdf(x: Any, y: Any, rho: Any) -> Array:
    """P(X <= x, Y <= y) for standard normal X and Y with correlation rho, elementwise.

    Notes
    -----
    With ``dP/drho = phi2(x, y; rho)`` (Plackett), ``P = Phi(x) Phi(y) + integral of phi2 from 0 to rho``, by Gauss and
    Legendre's rule in ``arcsin rho`` with 6, 12 or 20 nodes; above .925 the series around ``|rho| = 1`` takes over.

    References
    ----------
    Drezner and Wesolowsky (1990), J. Stat. Comput. Simul. 35, 101-107, doi:10.1080/00949659008811236; Genz (2004),
    Statistics and Computing 14, 251-260, doi:10.1023/B:STCO.0000035304.20635.31. Agrees with adaptive quadrature of
    the conditional distribution to 2e-14 (tests/test_correlations.py).

    Examples
    --------
    >>> bool(np.isclose(bivariate_normal_cdf(0, 0, 0.5), 0.25 + np.arcsin(0.5) / (2 * np.pi), rtol=1e-14))
    True
    """
    h, k, r = np.broadcast_arrays(*(np.asarray(each, dtype=float) for each in (x, y, rho)))
    flat = [np.clip(each.ravel(), -_FAR, _FAR) for each in (h, k)]
    return _bvn(flat[0][:, None, None], flat[1][:, None, None], r.ravel()).reshape(h.shape)


def _bvn(x: Array, y: Array, rho: Array) -> Array:
    """(p, a, b) of (p, a, 1) and (p, 1, b) finite bounds under (p,) correlations."""
    size = np.abs(rho)
    band = np.digitize(size, (0.3, 0.75, 0.925))
    kinds = np.unique(band)
    if len(kinds) == 1:
        return _bvn_of_band(int(kinds[0]), x, y, rho)
    out = np.empty((len(rho), x.shape[1], y.shape[2]))
    for kind in kinds:
        inside = band == kind
        out[inside] = _bvn_of_band(int(kind), x[inside], y[inside], rho[inside])
    return out


def _bvn_of_band(band: int, x: Array, y: Array, rho: Array) -> Array:
    return _bvn_near_one(x, y, rho) if band == 3 else _bvn_by_angle(x, y, rho, (6, 12, 20)[band])


@cache
def _legendre(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights on (0, 1)."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    return (at + 1) / 2, weight / 2


def _bvn_by_angle(x: Array, y: Array, rho: Array, nodes: int) -> Array:
    from scipy.special import ndtr

    angle = np.arcsin(rho)
    product, squares = x * y, (x * x + y * y) / 2
    out = np.zeros(product.shape)
    term = np.empty(product.shape)
    for at, weight in zip(*_legendre(nodes), strict=True):
        sine = np.sin(angle * at)
        scale = 1 / (1 - sine * sine)
        np.multiply(product, (sine * scale)[:, None, None], out=term)
        term -= squares * scale[:, None, None]
        np.exp(term, out=term)
        term *= weight
        out += term
    out *= (angle / (2 * np.pi))[:, None, None]
    out += ndtr(x) * ndtr(y)
    return out


def _bvn_near_one(x: Array, y: Array, rho: Array) -> Array:
    """Genz's series around |rho| = 1, for lower tails."""
    from scipy.special import ndtr

    r, sign = rho[:, None, None], np.sign(rho)[:, None, None]
    h, k = np.broadcast_arrays(-x, -y * sign)  # upper tails; a negative correlation turns the second round
    hk = h * k
    a2 = (1 - r) * (1 + r)
    a, b2 = np.sqrt(a2), (h - k) ** 2
    b = np.sqrt(b2)
    c, d = (4 - hk) / 8, (12 - hk) / 80
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        z = -(b2 / a2 + hk) / 2
        head = np.where(z > -100, a * np.exp(z) * (1 - c * (b2 - a2) * (1 - d * b2) / 3 + c * d * a2**2), 0.0)
        tail = np.exp(-hk / 2) * np.sqrt(2 * np.pi) * ndtr(-b / a) * b * (1 - c * b2 * (1 - d * b2) / 3)
        part = head - np.where(hk > -100, tail, 0.0)
        for at, weight in zip(*_legendre(20), strict=True):
            x2 = (a * at) ** 2
            root = np.sqrt(1 - x2)
            z = -(b2 / x2 + hk) / 2
            series = 1 + c * x2 * (1 + 5 * d * x2)
            exact = np.exp(-hk / 2 * x2 / (1 + root) ** 2) / root
            part += np.where(z > -100, a * weight * np.exp(z) * (exact - series), 0.0)
        part = np.where(a2 > 0, -part / (2 * np.pi), 0.0)
    above = part + ndtr(-np.maximum(h, k))
    below = np.where(h < 0, ndtr(k) - ndtr(h), ndtr(-h) - ndtr(-k))
    return np.where(sign > 0, above, np.where(h >= k, 0.0, below) - part)


# --- polychoric correlations -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PolychoricFit:
    """Polychoric correlations of all pairs of k items, with what their errors need.

    Attributes
    ----------
    correlation, se : (k, k); ``se`` is 0 on the diagonal and allows for estimated thresholds and weights, not for clusters;
        nan where ``at_bound``
    thresholds : for each item its cuts, rising: one fewer than the categories in use
    categories : for each item the answers in use
    n_pairs : (k, k) respondents behind each
    empty : (k, k) cells of each table that nobody is in
    at_bound : (k, k) True where no correlation short of +-.9999 fits best
    influence : (pairs, c, c) influence of a respondent with these two answers (places among the categories in use) on
        the correlation of each pair, in the order of ``numpy.triu_indices(k, 1)``
    """

    correlation: Array
    se: Array
    thresholds: tuple[Array, ...]
    categories: tuple[Array, ...]
    n_pairs: Array
    empty: Array
    at_bound: Array
    influence: Array


@dataclass(frozen=True, eq=False)
class _Grid:
    """Cells of (p,) fitted bivariate normal tables at (p, a) row and (p, b) column cuts, all finite."""

    x: Array
    y: Array

    def cells(self, rho: Array) -> Array:
        """(p, a + 1, b + 1) probabilities."""
        from scipy.special import ndtr

        p, a, b = len(self.x), self.x.shape[1], self.y.shape[1]
        below = np.zeros((p, a + 2, b + 2))
        below[:, 1:-1, 1:-1] = _bvn(self.x[:, :, None], self.y[:, None, :], rho)
        below[:, 1:-1, -1], below[:, -1, 1:-1], below[:, -1, -1] = ndtr(self.x), ndtr(self.y), 1.0
        return _differences(below)

    def slopes(self, rho: Array) -> tuple[Array, Array]:
        """First and second derivative of the cells by rho."""
        x, y, r = self.x[:, :, None], self.y[:, None, :], rho[:, None, None]
        left = 1 / ((1 - r) * (1 + r))
        product, squares = x * y, x * x + y * y
        first = np.exp((r * product - squares / 2) * left) * np.sqrt(left) / (2 * np.pi)
        second = first * (r * left + ((1 + r * r) * product - r * squares) * left * left)
        return _differences(_framed(first)), _differences(_framed(second))

    def by_row_cut(self, rho: Array) -> Array:
        """(p, a, b + 1) how much of each column moves to the row above as a row cut moves up."""
        from scipy.special import ndtr

        root = np.sqrt((1 - rho) * (1 + rho))[:, None, None]
        at = ndtr((self.y[:, None, :] - rho[:, None, None] * self.x[:, :, None]) / root)
        between = np.diff(np.pad(at, ((0, 0), (0, 0), (1, 0))), axis=2, append=1.0)
        return between * _density(self.x)[:, :, None]

    def turned(self) -> _Grid:
        """Rows and columns exchanged."""
        return _Grid(self.y, self.x)


def _differences(below: Array) -> Array:
    """Cells between neighbouring cuts from what lies below them, along the last two axes."""
    rows = below[:, 1:] - below[:, :-1]
    return rows[:, :, 1:] - rows[:, :, :-1]


def _framed(inside: Array) -> Array:
    """With 0 for cuts at minus and plus infinity."""
    out = np.zeros((len(inside), inside.shape[1] + 2, inside.shape[2] + 2))
    out[:, 1:-1, 1:-1] = inside
    return out


def _density(x: Array) -> Array:
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def polychoric_rho(tables: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Maximum likelihood correlations of p tables whose cuts are known: the second step of two.

    Parameters
    ----------
    tables : (p, a, b) counts, weighted or not
    x, y : (p, a - 1) and (p, b - 1) cuts of rows and columns; where a table has fewer, the last are large (38)

    Returns
    -------
    rho, at_bound : (p,) correlations, and True where the likelihood still rises at +-.9999

    Notes
    -----
    Maximises ``sum n log pi(rho)`` by Newton's steps with exact first and second derivatives for all tables at once; where
    the second derivative has the wrong sign the expected information takes its place, and a step that leaves the
    interval known to hold the maximum is replaced by its middle.

    References
    ----------
    Olsson (1979), Psychometrika 44, 443-460, doi:10.1007/BF02296207.

    Examples
    --------
    >>> half = np.zeros((1, 1))
    >>> rho, _ = polychoric_rho(np.array([[[40.0, 20.0], [20.0, 40.0]]]), half, half)
    >>> bool(np.isclose(rho[0], np.sin(np.pi * (2 / 3 - 0.5))))
    True
    """
    share = tables / tables.sum(axis=(1, 2), keepdims=True)
    rho = np.clip(_score_correlations(share), -0.9, 0.9)
    low, high = np.full(len(rho), -BOUND), np.full(len(rho), BOUND)
    active = np.arange(len(rho))
    for _ in range(_ROUNDS):
        grid = _Grid(x[active], y[active])
        up, step = _newton_step(grid, share[active], rho[active])
        low[active] = np.where(up, rho[active], low[active])
        high[active] = np.where(up, high[active], rho[active])
        new = rho[active] + step
        inside = (new > low[active]) & (new < high[active])
        new = np.where(inside, new, (low[active] + high[active]) / 2)
        moved = np.abs(new - rho[active])
        rho[active] = new
        near = np.where(inside, _NEWTON * (1 - new * new), _STEP)  # curvature grows as |rho| nears 1
        active = active[moved > near]
        if not len(active):
            break
    at_bound = np.abs(rho) > BOUND - _NEAR_BOUND
    return np.where(at_bound, np.sign(rho) * BOUND, rho), at_bound


def _newton_step(grid: _Grid, share: Array, rho: Array) -> tuple[Array, Array]:
    """Whether the likelihood rises with rho, and the step it suggests: nan where it is flat, as beyond an empty cell."""
    cells = np.maximum(grid.cells(rho), _TINY)
    first, second = grid.slopes(rho)
    ratio = first / cells
    score = np.einsum("pab,pab->p", share, ratio)
    bend = np.einsum("pab,pab->p", share, second / cells - ratio * ratio)
    information = np.einsum("pab,pab->p", first, ratio)
    flat = information * (1 - rho * rho) ** 2 < _NO_INFORMATION
    slope = np.where(bend < 0, -bend, information)
    return np.where(flat & (score == 0), rho > 0, score > 0), np.divide(
        score, slope, out=np.full(len(rho), np.nan), where=~flat
    )


def _score_correlations(share: Array) -> Array:
    """(p,) Pearson correlations of the categories' numbers."""
    a, b = np.arange(share.shape[1]), np.arange(share.shape[2])
    rows, columns = share.sum(axis=2), share.sum(axis=1)
    mean_a, mean_b = rows @ a, columns @ b
    shared = np.einsum("pab,a,b->p", share, a, b) - mean_a * mean_b
    spread = (rows @ a**2 - mean_a**2) * (columns @ b**2 - mean_b**2)
    return np.asarray(shared / np.sqrt(np.maximum(spread, _TINY)))


def fit_polychorics(counts: PairCounts, *, correct: float = 0.0) -> PolychoricFit:
    """Two-step polychoric correlations of all pairs: cuts from each item's own distribution, then one correlation a pair.

    Parameters
    ----------
    counts : PairCounts
    correct : what is added to empty cells of a table (0: nothing; 0.5 is customary elsewhere and pulls towards 0)

    Notes
    -----
    Cuts are ``Phi^-1`` of the cumulated shares of all who answered the item. The standard error of a correlation follows
    from its influence function, ``IF(a, b) = (s(a, b) - A21 IF_cuts(a, b)) / A22`` with the scores' empirical
    products (Muthén 1984), so it allows for estimated cuts and for unequal weights.

    References
    ----------
    Olsson (1979), doi:10.1007/BF02296207; Muthén (1984), Psychometrika 49, 115-132, doi:10.1007/BF02294210. Checked against R's
    ``lavaan`` 0.6-14 (to 1e-7) and ``psych`` 2.2.9, standard errors by simulation (tests/test_correlations.py).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> latent = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 20_000)
    >>> counts = PairCounts.of(np.digitize(latent, [-1, 0, 1]), ["a", "b"], 0, 4)
    >>> fit = fit_polychorics(counts)
    >>> bool(abs(fit.correlation[0, 1] - 0.6) < 3 * fit.se[0, 1])
    True
    """
    k = len(counts.names)
    margins = counts.margins()
    used = [np.flatnonzero(row) for row in margins]
    _check_variation(counts, used)
    c = max(len(places) for places in used)
    cuts = _cuts(margins, used, c)
    i, j = np.triu_indices(k, 1)
    raw, squared = (_packed(counts.blocks(power), used, c)[i, j] for power in (1, 2))
    empty, real = _empty_cells(raw, used, i, j)
    tables = np.where(empty, correct, raw) if correct else raw
    rho, at_bound = polychoric_rho(tables, cuts[i], cuts[j])
    influence = _influence(tables, cuts[i], cuts[j], rho, _cut_influence(margins, used, cuts), i, j)
    influence[at_bound] = np.nan
    variance = np.einsum("pab,pab->p", squared, influence**2) / raw.sum(axis=(1, 2)) ** 2
    return PolychoricFit(
        _square(rho, i, j, k, 1.0),
        _square(np.sqrt(variance), i, j, k, 0.0),
        tuple(cuts[item, : len(places) - 1] for item, places in enumerate(used)),
        tuple(counts.low + places for places in used),
        counts.n_pairs,
        _square((empty & real).sum(axis=(1, 2)), i, j, k, 0),
        _square(at_bound, i, j, k, False),
        influence,
    )


def _check_variation(counts: PairCounts, used: Sequence[Array]) -> None:
    """Refuse items answered in one way and pairs that nobody answered."""
    pairs = counts.n_pairs
    cases = [(name, name, "no variance") for name, places in zip(counts.names, used, strict=True) if len(places) < 2]
    cases += [(counts.names[i], counts.names[j], "nobody answered both")
              for i, j in zip(*np.nonzero(np.triu(pairs == 0, 1)), strict=True)]  # fmt: skip
    if cases:
        frame = pd.DataFrame(cases, columns=["row", "column", "problem"])
        raise DataError(
            f"no polychoric correlation can be computed: {told(frame)}. Leave these items out (items=...).", frame
        )


def _cuts(margins: Array, used: Sequence[Array], c: int) -> Array:
    """(k, c - 1) cuts between the categories in use; far out where an item has fewer."""
    from scipy.special import ndtri

    out = np.full((len(margins), c - 1), _FAR)
    for item, places in enumerate(used):
        share = margins[item, places].cumsum()[:-1] / margins[item].sum()
        out[item, : len(places) - 1] = ndtri(share)
    return out


def _packed(blocks: Array, used: Sequence[Array], c: int) -> Array:
    """(k, k, c, c) tables with the categories in use first."""
    k = len(used)
    places = np.array([np.r_[own, np.zeros(c - len(own), dtype=int)] for own in used])
    there = np.array([np.arange(c) < len(own) for own in used])
    item = np.arange(k)
    packed = blocks[
        item[:, None, None, None], item[None, :, None, None], places[:, None, :, None], places[None, :, None]
    ]
    return np.asarray(packed * (there[:, None, :, None] & there[None, :, None]))


def _empty_cells(tables: Array, used: Sequence[Array], i: Array, j: Array) -> tuple[Array, Array]:
    """(p, c, c) cells in use that nobody is in, and cells in use."""
    there = np.array([np.arange(tables.shape[1]) < len(own) for own in used])
    real = there[i][:, :, None] & there[j][:, None, :]
    return real & (tables == 0), real


def _square(values: Array, i: Array, j: Array, k: int, diagonal: Any) -> Array:
    out = np.full((k, k), diagonal, dtype=values.dtype)
    out[i, j] = out[j, i] = values
    return out


def _cut_influence(margins: Array, used: Sequence[Array], cuts: Array) -> Array:
    """(k, c - 1, c) influence of a respondent with each answer on each cut; 0 for cuts an item does not have."""
    k, c = len(used), cuts.shape[1] + 1
    out = np.zeros((k, c - 1, c))
    for item, places in enumerate(used):
        own = len(places)
        share = margins[item, places].cumsum()[:-1] / margins[item].sum()
        below = np.arange(own)[None, :] <= np.arange(own - 1)[:, None]
        out[item, : own - 1, :own] = (below - share[:, None]) / _density(cuts[item, : own - 1])[:, None]
    return out


def _influence(tables: Array, x: Array, y: Array, rho: Array, cut: Array, i: Array, j: Array) -> Array:
    """(p, c, c) influence of a respondent in each cell on the correlation."""
    share = tables / tables.sum(axis=(1, 2), keepdims=True)
    grid = _Grid(x, y)
    cells = np.maximum(grid.cells(rho), _TINY)
    score = np.where(share > 0, grid.slopes(rho)[0] / cells, 0.0)
    weight = share * score / cells
    rows = np.einsum("ptb,ptb->pt", grid.by_row_cut(rho), weight[:, :-1] - weight[:, 1:])
    turned = weight.transpose(0, 2, 1)
    columns = np.einsum("pta,pta->pt", grid.turned().by_row_cut(rho), turned[:, :-1] - turned[:, 1:])
    lost = np.einsum("pt,pta->pa", rows, cut[i])[:, :, None] + np.einsum("pt,ptb->pb", columns, cut[j])[:, None, :]
    information = np.einsum("pab,pab->p", share, score**2)[:, None, None]
    return np.divide(score - lost, information, out=np.full(score.shape, np.nan), where=information > 0)


# --- one pair, thresholds and correlation together ---------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class PolychoricPair(Result):
    """The polychoric correlation of one table, with its interval and a test of what it assumes.

    Frame columns: ``estimate, se, low, high, n, chi2, df, p, reason``. ``chi2`` compares the table with the fitted normal
    distribution (likelihood ratio): a small p says that two normal variables do not make this table.

    Attributes
    ----------
    rows, columns_at : cuts of the rows and of the columns
    level : confidence of the interval
    method : "ml" or "two-step"
    """

    rows: tuple[float, ...] = ()
    columns_at: tuple[float, ...] = ()
    level: float = 0.95
    method: Method = "ml"

    def title(self) -> str:
        return "一对题项的多分格相关" if self.language == "zh" else "Polychoric correlation of one pair"

    def columns(self) -> tuple[Column, ...]:
        named = tuple(NUMBER_COLUMNS[name] for name in ("estimate", "se", "low", "high", "n"))
        fit = (
            Column("chi2", {"en": "chi2 of fit", "zh": "拟合 χ²"}, "number"),
            *(NUMBER_COLUMNS[name] for name in ("df", "p")),
        )
        return (*named, *fit, Column("reason", NUMBER_COLUMNS["reason"].label, "text", PAIR_REASONS))

    def note(self) -> str:
        percent = f"{100 * self.level:g}%"
        if self.language == "zh":
            how = "阈值与相关同时估计（极大似然）" if self.method == "ml" else "先由边际得阈值，再估计相关（两步）"
            return f"{percent} 区间由 Fisher z 变换得到；{how}。p 值小说明该表不像由两个正态变量切分而成。"
        how = (
            "cuts and correlation together (ML)"
            if self.method == "ml"
            else "cuts from the margins, then the correlation"
        )
        return (
            f"{percent} interval by Fisher's z; {how}. A small p says that this table does not look like two normal variables "
            "cut into categories."
        )


PAIR_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "at bound": {
        "en": "no correlation short of ±.9999 fits best: no error can be computed",
        "zh": "最优相关达到上限 ±.9999，无法计算误差",
    },
    "saturated": {
        "en": "a 2 by 2 table fits perfectly: nothing is left to test",
        "zh": "2×2 表总能完全拟合，无可检验",
    },
}


def polychoric_pair(
    table: Any, *, method: Method = "ml", level: float = 0.95, language: Language = "en"
) -> PolychoricPair:
    """The polychoric correlation of one table of two ordered answers.

    Parameters
    ----------
    table : (a, b) counts, rows and columns rising; rows and columns without anyone are left out
    method : "ml" estimates cuts and correlation together; "two-step" takes the cuts from the margins, as matrices of
        many items do
    level : confidence of the interval

    Notes
    -----
    ML by Fisher's scoring on all a + b - 1 parameters; its standard error is from the observed information. That of two
    steps is from influence functions. The interval is symmetric in ``artanh rho``. The test of fit has
    ``(a - 1)(b - 1) - 1`` degrees of freedom and the statistic ``2 sum n log(n / (N pi))``.

    References
    ----------
    Olsson (1979), Psychometrika 44, 443-460, doi:10.1007/BF02296207. Two steps agree with R's ``polycor`` 0.8-1 to 2e-6. Its joint
    ML ends up to .005 short of the maximum, out of iterations; R's own ``optim``, continued until it converges, agrees with
    ours to 1e-5 (tests/test_correlations.py).

    Examples
    --------
    >>> pair = polychoric_pair([[30, 12, 4], [15, 40, 18], [3, 14, 34]])
    >>> pair.to_frame()[["estimate", "df"]].round(2).to_numpy().tolist(), pair.to_frame()["n"].tolist()
    ([[0.68, 3.0]], [170])
    """
    check_choice("method", method, Method)
    check_between("level", level, 0, 1)
    counts = _pair_table(table)
    x, y = (_margin_cuts(counts.sum(axis=axis)) for axis in (1, 0))
    rho, at_bound = (each[0] for each in polychoric_rho(counts[None], x[None], y[None]))
    se = np.nan
    if not at_bound and method == "ml":
        x, y, rho, se = _joint_ml(counts, x, y, float(rho))
    elif not at_bound:
        se = float(np.sqrt(_pair_variance(counts, x, y, float(rho))))
    return _pair_result(counts, x, y, float(rho), float(se), method, level, language)


def _pair_table(table: Any) -> Array:
    """Counts as floats without empty rows and columns."""
    counts = np.array(table, dtype=float)
    if counts.ndim != 2 or not np.isfinite(counts).all() or (counts < 0).any():
        raise SpecError("a table has rows and columns of counts that are 0 or more.")
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        raise DataError(f"the table has {counts.shape[0]} rows and {counts.shape[1]} columns with anyone in them; a correlation "
                        "needs two of each.")  # fmt: skip
    return counts


def _margin_cuts(margin: Array) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri(margin.cumsum()[:-1] / margin.sum()))


def _pair_variance(counts: Array, x: Array, y: Array, rho: float) -> float:
    """Sampling variance of a two-step correlation."""
    size = max(counts.shape)
    tables = np.zeros((1, size, size))
    tables[0, : counts.shape[0], : counts.shape[1]] = counts
    used = [np.arange(counts.shape[0]), np.arange(counts.shape[1])]
    margins = np.stack([tables[0].sum(axis=1), tables[0].sum(axis=0)])
    cuts = _cuts(margins, used, size)
    first, second = np.array([0]), np.array([1])
    influence = _influence(
        tables, cuts[first], cuts[second], np.array([rho]), _cut_influence(margins, used, cuts), first, second
    )
    return float((tables * influence**2).sum() / counts.sum() ** 2)


def _joint_ml(counts: Array, x: Array, y: Array, rho: float) -> tuple[Array, Array, float, float]:
    """Cuts, correlation and its standard error that maximise the likelihood together."""
    place, best = np.r_[x, y, rho], -np.inf
    step, a = np.zeros(len(place)), len(x)
    for _ in range(_ROUNDS):
        shrink = 1.0
        while (value := _log_likelihood(counts, place + shrink * step, a)) < best - _ROUNDING * abs(
            best
        ) and shrink > _STEP:
            shrink /= 2
        place, best = place + shrink * step, value
        score, information = _pair_scores(counts, place, a)
        step = np.linalg.solve(information, score)
        if np.abs(step).max() < _STEP:
            break
    return place[:a], place[a:-1], float(place[-1]), _observed_se(counts, place, a)


def _pair_cells(place: Array, a: int) -> tuple[Array, Array]:
    """(rows, columns) probabilities and (parameters, rows, columns) their derivatives by x, y and rho."""
    grid, rho = _Grid(place[None, :a], place[None, a:-1]), place[-1:]
    cells, by_rho = grid.cells(rho)[0], grid.slopes(rho)[0][0]
    out = np.zeros((len(place), *cells.shape))
    for t, moved in enumerate(grid.by_row_cut(rho)[0]):
        out[t, t], out[t, t + 1] = moved, -moved
    for t, moved in enumerate(grid.turned().by_row_cut(rho)[0]):
        out[a + t, :, t], out[a + t, :, t + 1] = moved, -moved
    out[-1] = by_rho
    return cells, out


def _log_likelihood(counts: Array, place: Array, a: int) -> float:
    if abs(place[-1]) >= 1 or (np.diff(place[:a]) <= 0).any() or (np.diff(place[a:-1]) <= 0).any():
        return -np.inf
    cells = _Grid(place[None, :a], place[None, a:-1]).cells(place[-1:])[0]
    return float((counts * np.log(np.maximum(cells, _TINY))).sum())


def _pair_scores(counts: Array, place: Array, a: int) -> tuple[Array, Array]:
    """Slope of the log likelihood and its expected information."""
    cells, slopes = _pair_cells(place, a)
    cells = np.maximum(cells, _TINY)
    flat = slopes.reshape(len(place), -1)
    return flat @ (counts / cells).ravel(), counts.sum() * (flat / cells.ravel()) @ flat.T


def _observed_se(counts: Array, place: Array, a: int) -> float:
    """Standard error of rho from the observed information: central differences of the exact slope."""
    width = 1e-5 * np.eye(len(place))
    bend = (
        np.array([_pair_scores(counts, place + h, a)[0] - _pair_scores(counts, place - h, a)[0] for h in width]) / 2e-5
    )
    return float(np.sqrt(np.linalg.inv(-(bend + bend.T) / 2)[-1, -1]))


def _pair_result(
    counts: Array, x: Array, y: Array, rho: float, se: float, method: Method, level: float, language: Language
) -> PolychoricPair:
    from scipy.special import chdtrc, ndtri

    cells = np.maximum(_Grid(x[None], y[None]).cells(np.array([rho]))[0], _TINY)
    given = counts > 0
    chi2 = 2 * float((counts[given] * np.log(counts[given] / (counts.sum() * cells[given]))).sum())
    df = len(x) * len(y) - 1
    z, half = np.arctanh(rho), ndtri((1 + level) / 2) * se / (1 - rho**2)
    low, high = np.tanh(z - half), np.tanh(z + half)
    reason = "at bound" if np.isnan(se) else "" if df else "saturated"
    line = {"estimate": rho, "se": se, "low": low, "high": high, "n": round(float(counts.sum())),
            "chi2": chi2 if df else np.nan, "df": float(df), "p": float(chdtrc(df, max(chi2, 0.0))) if df else np.nan, "reason": reason}  # fmt: skip
    frame = pd.DataFrame([line])
    return PolychoricPair(frame, language, tuple(x.tolist()), tuple(y.tolist()), level, method)


# --- what every respondent contributes ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class InfluenceRows:
    """Looks up what every respondent contributes to all thresholds and correlations.

    Attributes
    ----------
    low : the answer of the first category
    places : (k, size + 1) place of each answer among those in use; the last stands for missing
    cuts : for each item (c + 1, cuts): influence of each place on its cuts; the last row, missing, is 0
    pairs : (p (c + 1)^2,) influence on the correlation of each pair, 0 where either is missing
    """

    low: int
    places: Array
    cuts: tuple[Array, ...]
    pairs: Array
    c: int

    @classmethod
    def of(cls, fit: PolychoricFit, counts: PairCounts) -> InfluenceRows:
        used = [own - counts.low for own in fit.categories]
        k, c, margins = len(used), fit.influence.shape[1], counts.margins()
        places = np.full((k, counts.size + 1), c)
        for item, own in enumerate(used):
            places[item, own] = np.arange(len(own))
        influence = _cut_influence(margins, used, _cuts(margins, used, c))
        cuts = tuple(
            np.pad(influence[item, : len(own) - 1].T / margins[item].sum(), ((0, 1), (0, 0)))
            for item, own in enumerate(used)
        )
        i, j = np.triu_indices(k, 1)
        base = counts.blocks().sum(axis=(2, 3))[i, j]
        pairs = np.pad(fit.influence / base[:, None, None], ((0, 0), (0, 1), (0, 1)))
        return cls(counts.low, places, cuts, pairs.ravel(), c)

    def of_answers(self, values: Array, weight: Array | None) -> Array:
        """(m, n) influence of (n, k) answers."""
        k, width = len(self.places), self.c + 1
        numbers = np.where(values == values, values - self.low, self.places.shape[1] - 1).astype(np.intp)
        at = np.ascontiguousarray(self.places[np.arange(k), numbers].T)
        parts = [influence[own].T for influence, own in zip(self.cuts, at, strict=True)]
        start = 0
        for item in range(k - 1):
            block = (start + np.arange(k - 1 - item)) * width * width
            parts.append(self.pairs.take(at[item] * width + at[item + 1 :] + block[:, None]))
            start += k - 1 - item
        out = np.concatenate(parts)
        return out if weight is None else out * weight
