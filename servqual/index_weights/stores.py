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

    @cached_property
    def of_visit(self) -> Array:
        """(k, k) covariance of one visit's scores about the store's mean, pooled over the stores."""
        if self.given is not None:
            return self.given
        if self.squares is None or self.df is None:
            raise SpecError("there are no repeated visits to learn the error from.")
        df = self.df.sum(axis=0)
        return np.asarray(self.squares.sum(axis=0) / np.maximum(df, 1))  # 0 where none of these stores tells

    @property
    def errors(self) -> Array:
        """(s, k, k) covariance of each store's means about its true scores."""
        own = np.asarray(self.ratio * self.of_visit)
        return own if self.fill is None else np.asarray(self.fill @ own @ self.fill.transpose(0, 2, 1))

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


def share_taken_off(gram: Array, error: Array, stores: int) -> float:
    """Share of the error's covariance that is taken off: all but a little, and never so much that a weighting fits too well.

    Fuller's modification: with λ the smallest root of ``|G − λE| = 0`` and α = k + 4, the share is ``1 − α/s`` where
    ``λ > 1 + 1/s``, else ``λ − (1 + α)/s``; at least 0. What is left has no negative part. The full correction
    varies wildly in small samples; this one less, at the price of a bias that goes with 1/s.

    Fuller (1987), Measurement Error Models, Wiley, ch. 2, doi:10.1002/9780470316665.

    >>> [round(share_taken_off(np.diag([least, 6.0]), np.eye(2), 60), 3) for least in (4.0, 0.5)]
    [0.9, 0.383]
    """
    from scipy.linalg import eigh

    most = float(eigh(error, gram + (TIE * np.trace(gram) + 1e-12) * np.eye(len(gram)), eigvals_only=True)[-1])
    if most <= 0:
        return 0.0
    alpha, root = len(gram) + 4, 1 / most
    return max(1 - alpha / stores if root > 1 + 1 / stores else root - (1 + alpha) / stores, 0.0)
