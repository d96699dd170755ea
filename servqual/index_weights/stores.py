"""What inspection and customers say of the stores, and how far the stores' scores err because visits were few."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from servqual.index_weights.simplex import TIE, Array
from survey_design.errors import SpecError


@dataclass(frozen=True, eq=False)
class StoreIndicators:
    """What inspection and customers say of s stores on k indicators.

    Attributes
    ----------
    names, indicators : (s,), (k,)
    x : (s, k) mean score of every indicator
    y, n : (s,) customers' mean rating and on how many it rests
    ratio : (s, k, k) what the covariance of one visit is to be multiplied with to be that of the store's means (1/visits)
    squares, df : (s, k, k) sums of products within stores over visits and their degrees of freedom; or
    given : (k, k) covariance of one visit's scores, where it is known from elsewhere
    fill : (s, k, k) how scores follow from those that were given: an indicator that never applied in a store stands at the
        store's score over the others
    """

    names: tuple[Any, ...]
    indicators: tuple[str, ...]
    x: Array
    y: Array
    n: Array
    ratio: Array
    squares: Array | None = None
    df: Array | None = None
    given: Array | None = None
    fill: Array | None = None

    def rows(self, chosen: Array) -> StoreIndicators:
        """Some of the stores, in that order, possibly twice."""
        cut: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[chosen]
            for name in ("squares", "df", "fill")
        }
        return replace(self, names=tuple(self.names[k] for k in chosen), x=self.x[chosen], y=self.y[chosen], n=self.n[chosen],
                       ratio=self.ratio[chosen], **cut)  # fmt: skip

    @property
    def knows_error(self) -> bool:
        """True where the errors of the stores' scores can be reckoned with."""
        return self.given is not None or (self.df is not None and bool((self.df.sum(axis=0) > 0).all()))

    def of_visit(self, taken: Array) -> Array:
        """(b, k, k) covariance of one visit's scores about the store's mean, pooled over the stores, each taken so often."""
        if self.given is not None:
            return np.broadcast_to(self.given, (len(taken), *self.given.shape))
        if self.squares is None or self.df is None:
            raise SpecError("there are no repeated visits to learn the error from.")
        squares, df = (np.tensordot(taken, each, axes=1) for each in (self.squares, self.df))
        return np.asarray(squares / np.maximum(df, 1))  # 0 where none of these stores tells

    @property
    def errors(self) -> Array:
        """(s, k, k) covariance of each store's means about its true scores."""
        own = np.asarray(self.ratio * self.of_visit(np.ones((1, len(self.n))))[0])
        return own if self.fill is None else np.asarray(self.fill @ own @ self.fill.transpose(0, 2, 1))

    @cached_property
    def filled_in(self) -> Array:
        """The places of the stores in which an indicator never applied."""
        if self.fill is None:
            return np.zeros(0, dtype=int)
        return np.flatnonzero((self.fill != np.eye(self.x.shape[1])).any(axis=(1, 2)))

    def error_sums(self, counted: Array, of_visit: Array) -> Array:
        """(b, k, k) errors of the stores' means added up, each store counted (b, s), for (b, k, k) covariances of one visit."""
        plain = counted.copy()
        plain[:, self.filled_in] = 0.0
        total = np.tensordot(plain, self.ratio, axes=1) * of_visit
        for s in self.filled_in:
            fill = self.fill[s]  # type: ignore[index]
            total += counted[:, s, None, None] * (fill @ (self.ratio[s] * of_visit) @ fill.T)
        return np.asarray(total)

    def error_of_score(self, weights: Array, of_visit: Array) -> Array:
        """(b, s) variance that the errors give to scores under (b, k) weights, for (b, k, k) covariances of one visit."""
        b, s = len(weights), len(self.n)

        def added(w: Array, ratio: Array) -> Array:
            return np.asarray(
                (w[:, :, None] * w[:, None, :] * of_visit).reshape(b, -1) @ ratio.reshape(len(ratio), -1).T
            )

        found = added(weights, self.ratio).reshape(b, s)
        for k in self.filled_in:
            found[:, k] = added(weights @ self.fill[k], self.ratio[[k]])[:, 0]  # type: ignore[index]
        return found

    def filled(self, weights: Array) -> StoreIndicators:
        """Indicators that never applied in a store at its score over the others, which is what re-basing makes of them."""
        known = np.isfinite(self.x)
        if known.all():
            return self
        own = np.where(known, weights, 0.0)
        own = own / own.sum(axis=1, keepdims=True)
        fill = np.where(known[:, :, None], np.eye(len(weights)), own[:, None, :])
        return replace(self, x=np.einsum("skl,sl->sk", fill, np.nan_to_num(self.x)), fill=fill)

    def reliability(self) -> Array:
        """(k,) share of the variance between stores' means that is not error."""
        share = self.n / self.n.sum()
        spread = share @ (self.x - share @ self.x) ** 2
        error = share @ np.diagonal(self.errors, axis1=1, axis2=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(spread > 0, 1 - error / spread, np.nan))


def share_taken_off(gram: Array, error: Array, stores: Array | int) -> Array:
    """Share of the error's covariance that is taken off: all but a little, and never so much that a weighting fits too well.

    Fuller's modification: with λ the smallest root of ``|G − λE| = 0`` and α = k + 4, the share is ``1 − α/s`` where
    ``λ > 1 + 1/s``, else ``λ − (1 + α)/s``; at least 0. What is left has no negative part. The full correction
    varies wildly in small samples; this one less, at the price of a bias that goes with 1/s. ``gram`` and ``error`` are
    (k, k) with one share, or (b, k, k) with (b,) ``stores`` and as many shares.

    Fuller (1987), Measurement Error Models, Wiley, ch. 2, doi:10.1002/9780470316665.

    >>> [round(float(share_taken_off(np.diag([least, 6.0]), np.eye(2), 60)), 3) for least in (4.0, 0.5)]
    [0.9, 0.383]
    """
    k = gram.shape[-1]
    size = TIE * np.trace(gram, axis1=-2, axis2=-1) + 1e-12
    root = np.linalg.cholesky(gram + size[..., None, None] * np.eye(k))
    half = np.linalg.solve(root, error)
    most = np.linalg.eigvalsh(np.linalg.solve(root, np.swapaxes(half, -1, -2)))[..., -1]
    with np.errstate(divide="ignore"):
        least, alpha = 1 / np.maximum(most, 0.0), k + 4
    share = np.where(least > 1 + 1 / stores, 1 - alpha / stores, least - (1 + alpha) / stores)
    return np.asarray(np.where(most > 0, np.maximum(share, 0.0), 0.0))
