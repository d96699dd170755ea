"""How sure are loadings? The whole analysis again on re-weighted sums, each replicate turned to face the sample's solution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.correlations import ItemMatrix, item_moments
from servqual.factors.extraction import Extraction, Method, extract
from servqual.factors.rotation import (
    KAISER,
    Rotation,
    Turned,
    criterion_of,
    procrustes,
    rotate,
    row_lengths,
    turn_obliquely,
)
from servqual.inference import Again, Interval, Spread, Student, Taylor, Term
from servqual.moments import Cells, Moments, answer_matrix, row_weights
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError

Array = NDArray[Any]

_MOST_RESAMPLED = 10_000


@dataclass(frozen=True, eq=False)
class LoadingErrors:
    """Standard errors and bounds of (p, m) loadings; ``reason`` where there are none."""

    se: Array
    low: Array
    high: Array
    reason: str = ""

    def reordered(self, order: Array) -> LoadingErrors:
        """For factors in another order."""
        return replace(self, se=self.se[:, order], low=self.low[:, order], high=self.high[:, order])

    def reflected(self, signs: Array) -> LoadingErrors:
        """For factors that point the other way: bounds change sign and places."""
        low, high = self.low * signs, self.high * signs
        return replace(self, low=np.minimum(low, high), high=np.maximum(low, high))


def loading_errors(
    responses: Responses, matrix: ItemMatrix, found: Extraction, turned: Turned, method: Method, rotation: Rotation,
    kaiser: bool | None, target: Array | None, interval: Interval, level: float,
) -> LoadingErrors:  # fmt: skip
    """Errors of rotated loadings from replicates that respect strata, clusters and weights.

    Every replicate is extracted and rotated by the same criterion, starting from the sample's own position, so that its
    factors are the sample's in the same order. Replicates that do not converge count as empty.
    """
    if isinstance(interval, (Taylor, Student)):
        raise SpecError("loadings are no sums: take interval=Bootstrap(500, seed=1) or Jackknife().")
    if matrix.kind == "polychoric":
        raise SpecError(
            "replicates re-weight sums, and polychoric correlations are no function of these: take kind='pearson'."
        )
    if rotation == "target" and kaiser:
        raise SpecError("errors of a target rotation are made without Kaiser's normalisation: leave kaiser out.")
    p, m = turned.loadings.shape
    normalised = KAISER[rotation] if kaiser is None else kaiser

    def values(stack: Array) -> Array:
        axes = np.array([_aligned_axes(each, found, method) for each in stack])
        return _turned_again(axes, turned, rotation, normalised, target).reshape(len(stack), p * m)

    spread = _spread(responses, matrix, interval, values, p * m)
    low, high = spread.bounds(turned.loadings.ravel(), level)
    se = np.where(spread.df > 0, spread.se, np.nan)
    reason = "no df" if not (spread.df > 0).all() else "empty replicates" if np.isnan(se).any() else ""
    return LoadingErrors(se.reshape(p, m), low.reshape(p, m), high.reshape(p, m), reason)


def _aligned_axes(correlation: Array, found: Extraction, method: Method) -> Array:
    """(p, m) unrotated loadings of a replicate, turned orthogonally to face the sample's; nan where there are none."""
    try:
        again = extract(correlation, found.loadings.shape[1], method)
    except DataError:  # an item without variation, or a singular matrix, in this replicate: it counts as empty
        return np.full(found.loadings.shape, np.nan)
    if not again.converged:
        return np.full(found.loadings.shape, np.nan)
    return np.asarray(again.loadings @ procrustes(again.loadings, found.loadings))


def _turned_again(axes: Array, turned: Turned, rotation: Rotation, kaiser: bool, target: Array | None) -> Array:
    """(r, p, m) rotated loadings of replicates, factors as in the sample's solution."""
    if rotation == "none" or (turned.loadings.shape[1] == 1 and rotation != "target"):
        return axes
    out, usable = np.full(axes.shape, np.nan), np.isfinite(axes).all(axis=(1, 2))
    kept = axes[usable]
    if rotation in ("varimax", "promax"):
        found = [_matched(rotate(each, rotation, kaiser=kaiser).loadings, turned.loadings) for each in kept]
        out[usable] = np.array(found).reshape(kept.shape)
        return out
    length = row_lengths(kept, kaiser)
    criterion = criterion_of(rotation, wanted=target)
    starts = np.broadcast_to(turned.turn, (len(kept), *turned.turn.shape))
    turns, _, done = turn_obliquely(kept / length, criterion, starts)
    out[usable] = kept @ np.swapaxes(np.linalg.inv(turns), 1, 2)
    out[np.flatnonzero(usable)[~done]] = np.nan
    return out


def _matched(loadings: Array, reference: Array) -> Array:
    """Factors in the order and direction of a reference."""
    from scipy.optimize import linear_sum_assignment

    product = loadings.T @ reference
    rows, columns = linear_sum_assignment(-np.abs(product))
    out = np.empty_like(loadings)
    out[:, columns] = loadings[:, rows] * np.where(product[rows, columns] < 0, -1.0, 1.0)
    return out


def _spread(
    responses: Responses, matrix: ItemMatrix, interval: Interval, values: Callable[[Array], Array], size: int
) -> Spread:
    """Spread of a function of the items' correlations over replicates of the sample."""
    moments = item_moments(responses, of=matrix.of, missing=matrix.missing, items=matrix.names)
    side = next(each for each in (responses, *responses.sides) if set(moments.map.answers) <= set(each.columns))
    if side.design.margins:
        raise SpecError("weights were calibrated, and replicates would have to be calibrated one by one: take the weights as "
                        "given, design.without_margins().")  # fmt: skip
    if not side.design.stages and (side.streamed or matrix.n > _MOST_RESAMPLED):
        raise SpecError(f"without clusters respondents are resampled one by one, and only up to {_MOST_RESAMPLED:,} that are in "
                        "memory: describe the clusters, or take a random sample of the rows.")  # fmt: skip
    rows: tuple[Array | None, Array | None, Array | None] = (None, None, None)
    if not side.streamed:
        frame = next(iter(side.frames()))
        rows = (
            answer_matrix(frame, moments.map.answers),
            Cells.of(frame, side.design).code,
            row_weights(frame, side.design),
        )
    masks = 1 + np.arange(len(moments.map.mask_names))
    term = Term((), np.zeros((size, moments.first.shape[1])), np.tile(masks, (size, 1)))
    again = Again(moments, *rows, True, lambda sums: values(correlations_of(sums(()), moments)))
    return interval.spread(moments, [term], again)


def correlations_of(gram: Array, moments: Moments) -> Array:
    """(r, k, k) correlations of the scores from (r, q, q) sums, each pair over those who have both."""
    mask = 1 + moments.map.mask_of_score
    score = 1 + len(moments.map.mask_names) + np.arange(len(moments.map.scores))
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = gram[:, mask[:, None], mask]
        mean = gram[:, score[:, None], mask] / weight
        covariance = gram[:, score[:, None], score] / weight - mean * np.swapaxes(mean, 1, 2)
        sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        out = covariance / (sd[:, :, None] * sd[:, None, :])
    k = np.arange(len(score))
    out[:, k, k] = np.where(np.isfinite(out[:, k, k]), 1.0, np.nan)
    return np.asarray(out)
