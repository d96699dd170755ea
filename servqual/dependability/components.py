"""Variance components from sums of groups: no matrix of the size of the data, whatever the design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_DENSE = 4_000_000  # cells of a table of two groupings that are counted directly


@dataclass(frozen=True, eq=False)
class Grouping:
    """One random effect: which level each row has.

    Attributes
    ----------
    codes : (n,) level of each row, 0 to size - 1
    size : number of levels
    """

    codes: Array
    size: int

    @property
    def counts(self) -> Array:
        return np.bincount(self.codes, minlength=self.size).astype(float)

    def sums(self, y: Array) -> Array:
        """(size,) or (size, p) sums of the rows of each level."""
        if y.ndim == 1:
            return np.bincount(self.codes, y, self.size)
        return np.column_stack([np.bincount(self.codes, column, self.size) for column in y.T])

    def crossed(self, other: Grouping) -> Grouping:
        """Every combination that occurs as one level."""
        levels, codes = np.unique(self.codes * np.int64(other.size) + other.codes, return_inverse=True)
        return Grouping(codes, len(levels))

    def table(self, other: Grouping) -> tuple[Array, Array, Array]:
        """Levels of both that meet, and how often."""
        pair = self.codes * np.int64(other.size) + other.codes
        if self.size * other.size <= _DENSE:
            count = np.bincount(pair, minlength=self.size * other.size)
            found = np.flatnonzero(count)
            return found // other.size, found % other.size, count[found].astype(float)
        found, count = np.unique(pair, return_counts=True)
        return found // other.size, found % other.size, count.astype(float)

    def inside(self, other: Grouping) -> bool:
        """True if each level lies within one level of the other."""
        return len(self.table(other)[0]) == self.size


@dataclass(frozen=True, eq=False)
class Squares:
    """Sums of squares of the groups, and what variances they stand for.

    Attributes
    ----------
    groupings : the random effects; the residual follows as the last component
    basis : (n, p) orthonormal basis of the fixed effects
    expected : (t + 1, t + 1) expectation of each sum of squares per unit of each variance
    """

    groupings: tuple[Grouping, ...]
    basis: Array
    expected: Array

    @classmethod
    def of(cls, groupings: Sequence[Grouping], fixed: Array) -> Squares:
        """Plan the sums for a design.

        Parameters
        ----------
        groupings : the random effects
        fixed : (n, p) columns of the fixed effects, a constant among them
        """
        basis = np.linalg.qr(fixed)[0]
        return cls(tuple(groupings), basis, _expected(groupings, basis))

    @property
    def determined(self) -> float:
        """How well the sums tell the variances apart: the least singular value of the scaled system, 0 not at all."""
        scale = np.sqrt(np.diag(self.expected))
        return float(np.linalg.svd(self.expected / scale[:, None] / scale, compute_uv=False)[-1])

    def sums(self, y: Array) -> Array:
        """(t + 1,) ``Σ (Σ e)²/n`` per grouping and ``Σ e²``, with e the residuals from the fixed effects."""
        e = y - self.basis @ (self.basis.T @ y)
        squares = [float((g.sums(e) ** 2 / g.counts).sum()) for g in self.groupings]
        return np.array([*squares, float(e @ e)])

    def components(self, y: Array) -> Array:
        """(t + 1,) unbiased variances, the residual last; they may be negative."""
        return np.asarray(np.linalg.solve(self.expected, self.sums(y)))


def variance_components(y: Array, groupings: Sequence[Grouping], fixed: Array | None = None) -> Array:
    """Variances of random effects, unbiased in any design, crossed or nested, balanced or not.

    Parameters
    ----------
    y : (n,) scores
    groupings : the random effects
    fixed : (n, p) columns of fixed effects with the constant; only the constant by default

    Returns
    -------
    (t + 1,) variances in the order of ``groupings``, the residual last. They are not cut off at 0: cut off, they would be
    too large on average.

    Notes
    -----
    With e the least-squares residuals, each grouping gives ``T = Σ_a (Σ_{i in a} e_i)²/n_a`` and the rows ``Σ e²``. Under
    ``y = Xb + Σ Z_j u_j + ε`` their expectations are linear in the variances: ``Σ_j σ_j² Σ_a Σ_b (Z_i'MZ_j)²_ab/n_a`` with
    ``M = I − X(X'X)⁻¹X'``; the system is solved. With the constant alone this is Henderson's method 1 (a sum of squares
    of an interaction is a linear combination of these T), and the analysis of variance in balanced data. Unlike method 1 it stays
    unbiased with fixed effects. The coefficients follow from counts of levels that meet, so that the cost is linear in n.

    References
    ----------
    Henderson (1953), Biometrics 9, 226-252, doi:10.2307/3001853. Searle, Casella and McCulloch (1992), Variance
    Components, Wiley, ch. 5 and 11. Checked against matrices written out, expected mean squares of balanced designs, and
    statsmodels' restricted maximum likelihood (tests/test_dependability.py).

    Examples
    --------
    >>> scores = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])
    >>> target, judge = (Grouping(codes.ravel(), size) for codes, size in zip(np.indices((6, 4)), (6, 4), strict=True))
    >>> variance_components(scores.ravel(), [target, judge]).round(3).tolist()  # Shrout and Fleiss
    [2.556, 5.244, 1.019]
    """
    constant = np.ones((len(y), 1)) if fixed is None else fixed
    return Squares.of(groupings, constant).components(y - y.mean())


def _expected(groupings: Sequence[Grouping], basis: Array) -> Array:
    """Expectations of the sums of squares per unit of each variance."""
    t, (n, p) = len(groupings), basis.shape
    totals = [g.sums(basis) for g in groupings]
    expected = np.empty((t + 1, t + 1))
    for i, g in enumerate(groupings):
        counts, length = g.counts, (totals[i] ** 2).sum(axis=1)
        expected[i, t] = g.size - (length / counts).sum()
        expected[t, i] = n - length.sum()
        scaled = totals[i] / counts[:, None]
        for j, other in enumerate(groupings):
            a, b, met = g.table(other)
            cross = (totals[i][a] * totals[j][b]).sum(axis=1)
            expected[i, j] = ((met**2 - 2 * met * cross) / counts[a]).sum()
            expected[i, j] += ((totals[i].T @ scaled) * (totals[j].T @ totals[j])).sum()
    expected[t, t] = n - p
    return expected


def simulated_components(squares: Squares, variances: Array, replicates: int, seed: int) -> Array:
    """(replicates, t + 1) components of scores simulated on the same design with these variances (normal effects)."""
    generator = np.random.default_rng(seed)
    sd, n = np.sqrt(variances), len(squares.basis)
    found = np.empty((replicates, len(sd)))
    for k in range(replicates):
        y = sd[-1] * generator.standard_normal(n)
        for g, spread in zip(squares.groupings, sd, strict=False):
            if spread > 0:
                y += (spread * generator.standard_normal(g.size))[g.codes]
        found[k] = squares.components(y)
    return found
