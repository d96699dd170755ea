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
    gram : (k, k) positive definite
    right : (k,)
    total : what the weights sum to
    first : (k,) weights to begin with; any that are 0 or more

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
    k = len(right)
    if first is None or not first.sum() > 0:
        w = np.zeros(k)
        w[int(np.argmin(np.diag(gram) * total - 2 * right))] = total
    else:
        w = first * (total / first.sum())
    held, joined = w > 0, -1
    for _ in range(50 * k + 50):
        wanted, nu = _on_set(gram, right, held, total)
        falling = held & (wanted <= 0)
        if not falling.any():
            w = wanted
            slack = np.where(held, 0.0, gram @ w - right - nu)
            joined = int(np.argmin(slack))
            if slack[joined] >= -1e-13 * _size(gram, right, w):
                return w
            held[joined] = True
        elif joined >= 0 and falling[joined] and w[joined] == 0:
            return w  # what let it join was rounding
        else:
            share = w[falling] / (w[falling] - wanted[falling])
            w = np.where(held, w + share.min() * (wanted - w), 0.0)
            w[np.flatnonzero(falling)[share == share.min()]] = 0.0
            held = w > 0
    raise DataError(
        "the weights' programme did not end: indicators are too nearly the same. Leave out one of each such pair."
    )


def _size(gram: Array, right: Array, w: Array) -> float:
    """How large the sums are whose difference is compared with 0."""
    return float((np.abs(gram) @ w + np.abs(right)).max())


def _on_set(gram: Array, right: Array, held: Array, total: float) -> tuple[Array, float]:
    """The minimum over the weights of a set under their sum alone, and the sum's multiplier."""
    solved = np.linalg.solve(gram[np.ix_(held, held)], np.column_stack([right[held], np.ones(held.sum())]))
    nu = (total - solved[:, 0].sum()) / solved[:, 1].sum()
    wanted = np.zeros(len(right))
    wanted[held] = solved[:, 0] + nu * solved[:, 1]
    return wanted, float(nu)
