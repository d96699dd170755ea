"""And if answers are not normal? Chi-square and standard errors that hold anyway, from one further pass over the rows.

With z a row about the model's means and ``W = Sigma^-1``, a respondent's part in the gradient of parameter a is
``s_a = (u_a' W z)(v_a' W z) - u_a' W v_a + dmu_a' W z``. Their cross-products (summed over a cluster first, where clusters were
drawn) are the middle of the sandwich; no fourth-order matrix of (p (p+1) / 2)^2 numbers is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import (
    Sample,
    Solution,
    basis_of,
    directions,
    inverse_information,
    mean_slopes,
    observed_information,
)

Array = NDArray[Any]
Rows = tuple[Array, Array | None, Array | None]  # (n, p) values, (n,) weights, (n,) cluster of each row
Estimator = Literal["mlm", "mlr"]

_CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class Robust:
    """What the rows say of a solution.

    Attributes
    ----------
    covariance : (q, q) of the estimates
    scaling : what chi-square is divided by
    baseline_scaling : the same for the model in which items do not covary
    """

    covariance: Array
    scaling: float
    baseline_scaling: float


def robust_ml(solution: Solution, rows: Sequence[Iterable[Rows]], estimator: Estimator) -> Robust:
    """Sandwich standard errors and the scaling of chi-square, in all groups.

    "mlm" (Satorra and Bentler): ``c = tr(U Gamma) / df`` with expected information. "mlr" (Yuan and Bentler, as in Mplus):
    ``c = (tr(H1^-1 J1) - tr(H0^-1 J0)) / df`` with observed information.

    Parameters
    ----------
    solution : from :func:`servqual.cfa.fit.fit_ml`
    rows : per group, parts of (values, weights or None, clusters or None); weights have mean 1

    References
    ----------
    Satorra and Bentler (1994) in von Eye and Clogg (eds.), Latent Variables Analysis, 399-419. Yuan and Bentler (2000),
    Sociological Methodology 30, 165-200, doi:10.1111/0081-1750.00078.
    """
    own = [_Metrics.of(solution, group, estimator).sums(parts) for group, parts in enumerate(rows)]
    meat = np.sum([sums.meat for sums in own], axis=0)
    inverse = solution.covariance if estimator == "mlm" else inverse_information(observed_information(solution))
    saturated = sum(sums.saturated for sums in own)
    df, p = solution.df, len(solution.table.items)
    base = sum(sums.baseline for sums in own) / (len(own) * p * (p - 1) // 2)
    scaling = (saturated - float(np.sum(inverse * meat))) / df if df > 0 else 1.0
    return Robust(inverse @ meat @ inverse, scaling, base)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of one group: the scores' cross-products, and how far the saturated model spreads beyond means that are not modelled,
    and beyond the baseline."""

    meat: Array
    saturated: float
    baseline: float

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.meat + other.meat, self.saturated + other.saturated, self.baseline + other.baseline)

    def times(self, factor: float) -> _Sums:
        return _Sums(factor * self.meat, factor * self.saturated, factor * self.baseline)


@dataclass(frozen=True, eq=False)
class _Metrics:
    """What is needed to turn the rows of one group into sums."""

    sample: Sample
    about: Array  # (p,) the means that rows are centred at
    scale: Array  # W, for the scores
    saturated: Array  # the metric of the saturated model's spread
    left: Array  # (p, m) u, v and dmu of the free lines
    right: Array
    slopes: Array
    at: Array  # (m,) what products of W z are compared with
    place: Array  # (m, q) which parameter a line is
    base: Array  # metric of the saturated model's spread beside the baseline

    @classmethod
    def of(cls, solution: Solution, group: int, estimator: Estimator) -> _Metrics:
        table, sample, matrices = solution.table, solution.samples[group], solution.matrices[group]
        lines = np.flatnonzero((table.group == group) & (table.free >= 0))
        kind, row, column = table.kind[lines], table.row[lines], table.column[lines]
        left, right, half = directions(kind, row, column, len(table.items), len(table.factors))
        basis, w = basis_of(matrices), np.linalg.inv(matrices.covariance)
        wu, wv = w @ basis[:, left], w @ basis[:, right] * half
        slopes = (
            w @ mean_slopes(matrices, basis, kind, left, column) if sample.mean is not None else np.zeros((len(w), 0))
        )
        inner = sample.covariance if estimator == "mlm" else matrices.covariance
        own = np.linalg.inv(sample.covariance)
        modelled = sample.mean is not None and estimator == "mlr"
        about = matrices.mean if modelled else np.full(len(w), np.nan)
        return cls(
            sample, about, w, w if estimator == "mlm" else own, wu, wv, slopes, np.einsum("pm,pq,qm->m", wu, inner, wv),
            np.eye(table.n_free)[table.free[lines]], np.diag(1 / sample.covariance.diagonal()) if estimator == "mlm" else own,
        )  # fmt: skip

    def sums(self, parts: Iterable[Rows]) -> _Sums:
        """Over all rows of the group; rows of one cluster count as one."""
        parts = list(parts)
        mean = self.sample.mean if self.sample.mean is not None else _mean(parts)
        about = np.where(np.isnan(self.about), mean, self.about)
        if any(clusters is not None for *_, clusters in parts):
            return self._of_clusters(*_grams(parts, about), about - mean)
        total = None
        for values, weights, _ in parts:
            for first in range(0, len(values), _CHUNK):
                chunk = slice(first, first + _CHUNK)
                own = self._of_rows(values[chunk] - about, None if weights is None else weights[chunk], about - mean)
                total = own if total is None else total + own
        if total is None:
            raise ValueError("no rows")
        return total

    def _of_rows(self, z: Array, weights: Array | None, shift: Array) -> _Sums:
        w = np.ones(len(z)) if weights is None else weights
        scores = (z @ self.left) * (z @ self.right) - self.at
        if self.slopes.shape[1]:
            scores = scores + z @ self.slopes
        scores = (scores * w[:, None]) @ self.place
        centred, s = z + shift, self.sample.covariance

        def spread(metric: Array) -> float:
            turned = centred @ metric
            own, mixed = np.sum(turned * centred, axis=1), np.sum((turned @ s) * turned, axis=1)
            return float(w**2 @ (own**2 - 2 * mixed + np.sum((metric @ s) * (metric @ s).T))) / 2

        variances = s.diagonal()
        means = float(w**2 @ np.sum((centred @ self.saturated) * centred, axis=1))
        lone = float(w**2 @ np.sum((centred**2 / variances - 1) ** 2, axis=1)) / 2
        n = self.sample.n
        means = means if self.slopes.shape[1] else 0.0
        return _Sums(scores.T @ scores, (spread(self.saturated) + means) / n, (spread(self.base) - lone) / n)

    def _of_means(self, products: Array) -> tuple[float, float]:
        """Spread of the saturated means beyond those of the model (0 where means are modelled) and of the baseline.

        The metrics differ where information is observed. Without clusters these terms are left out, as lavaan does: they are
        nothing in a simple sample.
        """
        whole, base = (float(np.sum(metric * products)) for metric in (self.saturated, self.base))
        beside = 0.0 if self.slopes.shape[1] else float(np.sum(self.scale * products))
        lone = float(np.sum(products.diagonal() / self.sample.covariance.diagonal()))
        return whole - beside, base - lone

    def _of_clusters(self, grams: Array, sums: Array, weights: Array, shift: Array) -> _Sums:
        """The same from (c, p, p) products, (c, p) sums and (c,) weights of the clusters."""
        scores = np.einsum("pm,cpq,qm->cm", self.left, grams, self.right, optimize=True) - weights[:, None] * self.at
        if self.slopes.shape[1]:
            scores = scores + sums @ self.slopes
        scores = scores @ self.place
        moved = sums[:, :, None] * shift
        s, n = self.sample.covariance, self.sample.n
        total = sums + weights[:, None] * shift
        own = grams + moved + moved.transpose(0, 2, 1) + weights[:, None, None] * np.outer(shift, shift)
        own = own - weights[:, None, None] * s

        def spread(metric: Array) -> float:
            turned = metric @ own
            return float(np.einsum("cpq,cqp->", turned, turned)) / 2

        lone = float(((np.einsum("cpp->cp", own) / s.diagonal()) ** 2).sum()) / 2
        means = self._of_means(total.T @ total)
        sums_of = _Sums(
            scores.T @ scores,
            (spread(self.saturated) + means[0]) / n,
            (spread(self.base) + means[1] - lone) / n,
        )
        return sums_of.times(len(weights) / (len(weights) - 1))


def _mean(parts: Sequence[Rows]) -> Array:
    total = sum((values if weights is None else values * weights[:, None]).sum(axis=0) for values, weights, _ in parts)
    return np.asarray(total / sum(len(values) if weights is None else weights.sum() for values, weights, _ in parts))


def _grams(parts: Sequence[Rows], about: Array) -> tuple[Array, Array, Array]:
    """(c, p, p) products, (c, p) sums and (c,) weights of the rows of each cluster."""
    labels = np.concatenate([np.asarray(clusters) for *_, clusters in parts])
    code = np.unique(labels, return_inverse=True)[1]
    size, p = int(code.max()) + 1, len(about)
    grams, sums, total = np.zeros((size, p, p)), np.zeros((size, p)), np.zeros(size)
    start = 0
    for values, weights, _ in parts:
        order = np.argsort(code[start : start + len(values)], kind="stable")
        own = code[start : start + len(values)][order]
        z = (values - about)[order]
        weighted = z if weights is None else z * weights[order][:, None]
        bounds = np.flatnonzero(np.diff(own, prepend=-1))
        for first, last in zip(bounds, [*bounds[1:], len(own)], strict=True):
            grams[own[first]] += weighted[first:last].T @ z[first:last]
        np.add.at(sums, own, weighted)
        np.add.at(total, own, 1.0 if weights is None else weights[order])
        start += len(values)
    return grams, sums, total


def row_errors(slopes: Sequence[Array], sample: Sample, parts: Sequence[Rows]) -> Array:
    """(f,) standard errors of functions of the covariances with ``d f = tr(D dS)``, from the rows or their clusters.

    A respondent's influence is ``(z' D z - tr(D S)) / n``.
    """
    if not slopes:
        return np.zeros(0)
    mean, expected = _mean(parts), np.array([np.sum(each * sample.covariance) for each in slopes])
    if any(clusters is not None for *_, clusters in parts):
        grams, _, sizes = _grams(parts, mean)
        influence = (
            np.stack([np.einsum("cpq,pq->c", grams, each) for each in slopes], axis=1) - sizes[:, None] * expected
        )
        units = len(sizes)
        return np.asarray(np.sqrt((influence**2).sum(axis=0) * units / (units - 1)) / sample.n)
    total = np.zeros(len(slopes))
    for values, weights, _ in parts:
        z = values - mean
        own = np.stack([np.einsum("np,np->n", z @ each, z) for each in slopes], axis=1) - expected
        total += ((own if weights is None else own * weights[:, None]) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(total) / sample.n)
