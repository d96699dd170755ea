"""Weights of 0 or more that sum to 1: checked, counted, and found where a quadratic form is least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError

Array = NDArray[Any]

TIE = 1e-9  # pull that decides between weights which fit equally well


def check_weights(weights: Mapping[str, float] | pd.Series | Sequence[float], indicators: Sequence[str]) -> Array:
    """(k,) weights of the indicators, refused unless each is there, none is negative, and they sum to 1.

    >>> check_weights({"speed": 0.25, "care": 0.75}, ["care", "speed"]).tolist()
    [0.75, 0.25]
    >>> check_weights([0.5, 0.4], ["care", "speed"])
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: weights sum to 0.9. They must be 0 or more and sum to 1.
    """
    if isinstance(weights, (Mapping, pd.Series)):
        told = dict(weights)
        lacking, more = (
            [name for name in indicators if name not in told],
            [name for name in told if name not in set(indicators)],
        )
        if lacking or more:
            said = [
                f"{words} {', '.join(map(str, names))}"
                for words, names in (("none for", lacking), ("one for unknown", more))
                if names
            ]
            raise SpecError(f"weights: {'; '.join(said)}. Indicators: {', '.join(indicators)}.")
        given = np.array([told[name] for name in indicators], dtype=float)
    else:
        given = np.asarray(weights, dtype=float)
    if given.shape != (len(indicators),):
        raise SpecError(
            f"{given.size} weights for {len(indicators)} indicators ({', '.join(indicators)}): give one for each."
        )
    wrong = [f"{name} {value:g}" for name, value in zip(indicators, given, strict=True) if not value >= 0]
    if wrong:
        raise SpecError(f"weights below 0, or missing: {', '.join(wrong)}. They must be 0 or more and sum to 1.")
    if abs(given.sum() - 1) > 1e-6:
        raise SpecError(f"weights sum to {given.sum():.4g}. They must be 0 or more and sum to 1.")
    return given / given.sum()


def effective_number(weights: Array) -> float:
    """How many equally heavy indicators carry as much: ``1/sum w²``, from 1 (one has it all) to k (all alike).

    Hill (1973), Ecology 54, 427-432, doi:10.2307/1934352.

    >>> effective_number(np.array([0.5, 0.25, 0.25, 0.0]))
    2.6666666666666665
    """
    return float(1 / (np.asarray(weights) ** 2).sum())


def simplex_weights(gram: Array, right: Array, *, total: float = 1.0, first: Array | None = None) -> Array:
    """The w ≥ 0 of a given sum that minimises ``w'Gw − 2 r'w``: a quadratic programme, solved exactly by an active set.

    Parameters
    ----------
    gram : (k, k) positive definite; or (b, k, k), as many programmes, which are solved side by side
    right : (k,), or (b, k)
    total : what the weights sum to
    first : (k,) or (b, k) weights to begin with; any that are 0 or more

    Returns
    -------
    (k,) or (b, k) weights

    Notes
    -----
    Weights above 0 form a set. On it, the minimum under the sum alone is two linear equations; if that has a weight below 0
    one goes towards it until the first weight reaches 0, which leaves the set. Otherwise the weight at 0 with the steepest
    descent joins, and it ends when there is none: then ``(Gw − r)_j = ν`` for every weight above 0 and ``≥ ν`` for the rest,
    which for a convex objective is the minimum (Karush, Kuhn and Tucker). The objective falls at every step, so that no
    set comes twice. To add the sum as a heavy row to non-negative least squares is only near this.

    References
    ----------
    Lawson and Hanson (1995), Solving Least Squares Problems, SIAM, doi:10.1137/1.9781611971217, ch. 23. Nocedal and Wright
    (2006), Numerical Optimization, Springer, doi:10.1007/978-0-387-40065-5, ch. 16. Checked against the conditions
    themselves, a fine grid, and scipy's SLSQP (tests/test_index_weights.py).

    Examples
    --------
    >>> simplex_weights(np.eye(3), np.array([0.9, 0.5, -2.0])).round(3).tolist()
    [0.7, 0.3, 0.0]
    """
    k = right.shape[-1]
    grams, rights = gram.reshape(-1, k, k), np.broadcast_to(right, gram.shape[:-1]).reshape(-1, k)
    w = _begun(grams, rights, total, first)
    left, held, joined = np.arange(len(w)), w > 0, np.zeros(len(w), dtype=int)  # what is not at its minimum yet
    for _ in range(50 * k + 50):
        row, gram_left, right_left = np.arange(len(left)), grams[left], rights[left]
        wanted, nu = _on_set(gram_left, right_left, held, total)
        falling = held & (wanted <= 0)
        rounding = falling[row, joined] & (w[left, joined] == 0)  # what let it join was rounding
        inside = np.asarray(~falling.any(axis=1))
        w[left[inside]] = wanted[inside]
        there = w[left]
        size = np.einsum("bkl,bl->bk", np.abs(gram_left), there) + np.abs(right_left)
        slack = np.where(held, 0.0, np.einsum("bkl,bl->bk", gram_left, there) - right_left - nu[:, None])
        steepest = slack.argmin(axis=1)
        joined = np.where(inside, steepest, joined)
        ended = rounding | (inside & (slack[row, steepest] >= -1e-13 * size.max(axis=1)))
        moving = ~inside & ~rounding
        w[left[moving]] = _towards(there[moving], wanted[moving], held[moving], falling[moving])
        held = np.where(moving[:, None], w[left] > 0, held | (inside[:, None] & (np.arange(k) == joined[:, None])))
        left, held, joined = left[~ended], held[~ended], joined[~ended]
        if not len(left):
            return w.reshape(gram.shape[:-1])
    raise DataError(
        "the weights' programme did not end: indicators are too nearly the same. Leave out one of each such pair."
    )


def _begun(grams: Array, rights: Array, total: float, first: Array | None) -> Array:
    """(b, k) weights to begin with: those given, or all on the one indicator that is best alone."""
    if first is not None and first.sum() > 0:
        return np.array(np.broadcast_to(first * (total / first.sum(axis=-1, keepdims=True)), rights.shape))
    best = np.argmin(np.diagonal(grams, axis1=1, axis2=2) * total - 2 * rights, axis=1)
    return np.where(np.arange(rights.shape[1]) == best[:, None], total, 0.0)


def _towards(w: Array, wanted: Array, held: Array, falling: Array) -> Array:
    """(b, k) weights on their way to those wanted, as far as the first reaches 0."""
    share = np.divide(w, w - wanted, out=np.full(w.shape, np.inf), where=falling)
    least = share.min(axis=1, keepdims=True)
    return np.where(held & (share > least), w + least * (wanted - w), 0.0)


def _on_set(gram: Array, right: Array, held: Array, total: float) -> tuple[Array, Array]:
    """The minima over the weights of each set under their sum alone, and the sum's multipliers; weights outside are 0."""
    inside = held[:, :, None] & held[:, None, :]
    both = np.stack([np.where(held, right, 0.0), held.astype(float)], axis=2)
    solved = np.linalg.solve(np.where(inside, gram, np.eye(held.shape[1])), both)
    nu = (total - solved[:, :, 0].sum(axis=1)) / solved[:, :, 1].sum(axis=1)
    return solved[:, :, 0] + nu[:, None] * solved[:, :, 1], nu
