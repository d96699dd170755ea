"""Which axes say it most simply? Loadings turned so that each item speaks of few factors; what they explain stays the same.

Orthogonal turns keep factors uncorrelated, oblique ones estimate their correlations. One routine turns obliquely by the
gradient of any criterion, for many starting positions at once, because such criteria may have several minima.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from servqual.moments import one_blas_thread
from survey_design.errors import SpecError, check_choice

Array = NDArray[Any]
Rotation = Literal["oblimin", "promax", "varimax", "geomin", "target", "none"]
Gradient = Callable[[Array], tuple[Array, Array]]

KAISER = {"varimax": True, "promax": True, "oblimin": False, "geomin": False, "target": False, "none": False}
ORTHOGONAL = frozenset({"varimax", "none"})
_ROUNDS, _VARIMAX_ROUNDS = 2000, 500
_TOLERANCE, _NEAR, _ANGLE = 1e-5, 1e-12, 1e-5
_HALVINGS = 12
_SAME = 1e-5  # relative distance of criteria that count as the same minimum


@dataclass(frozen=True, eq=False)
class Turned:
    """Rotated loadings and everything that belongs to them.

    Attributes
    ----------
    loadings : (p, m) pattern: how much of each factor an item contains
    phi : (m, m) correlations of the factors
    turn : (m, m) with ``loadings = unrotated @ inv(turn).T`` and ``phi = turn.T @ turn``
    value : the criterion that was minimised (nan where the method has none)
    converged : whether the search ended at a minimum
    starts, reached : starting positions tried, and how many of them ended at this minimum
    """

    loadings: Array
    phi: Array
    turn: Array
    value: float = float("nan")
    converged: bool = True
    starts: int = 1
    reached: int = 1

    @property
    def structure(self) -> Array:
        """(p, m) correlations of items with factors, ``loadings @ phi``."""
        return np.asarray(self.loadings @ self.phi)


def rotate(
    loadings: ArrayLike, method: Rotation = "oblimin", *, kaiser: bool | None = None, power: float = 4.0,
    gamma: float = 0.0, epsilon: float = 0.01, target: ArrayLike | None = None, starts: int = 1, seed: int = 0,
) -> Turned:  # fmt: skip
    """Loadings about simpler axes.

    Parameters
    ----------
    loadings : (p, m) unrotated loadings
    method : ``"varimax"`` keeps factors uncorrelated. ``"oblimin"``, ``"geomin"``, ``"promax"`` let them correlate;
        ``"target"`` comes as near as it can to given loadings. ``"none"`` leaves all as it is.
    kaiser : whether items are given the same length while axes are sought, so that weak items count as much as strong
        ones; by default as in R: for varimax and promax (psych), not for the others (GPArotation)
    power : of promax: the varimax loadings to this power are what it aims at
    gamma : of oblimin: 0 is quartimin, R's default
    epsilon : of geomin: added to squared loadings, .01 as in Mplus with few factors and in GPArotation
    target : of target: (p, m) loadings wanted, nan where nothing is
    starts : starting positions of oblimin, geomin and target: the unrotated axes and random ones; the least criterion wins
    seed : of the random positions

    Returns
    -------
    Turned

    Notes
    -----
    Varimax maximises the variance of squared loadings within factors (Kaiser 1958). Oblimin minimises
    ``1/4 sum of squared loadings of one factor times those of another``, geomin the sum over items of the geometric mean of
    squared loadings, both by projected gradients (Jennrich 2002; Bernaards and Jennrich 2005). Promax regresses the target on
    the varimax loadings (Hendrickson and White 1964).

    References
    ----------
    Kaiser (1958), Psychometrika 23, 187-200, doi:10.1007/BF02289233. Jennrich (2002), Psychometrika 67, 7-19,
    doi:10.1007/BF02294706. Bernaards and Jennrich (2005), Educational and Psychological Measurement 65, 676-696,
    doi:10.1177/0013164404272507. Checked against R's psych 2.2.9 with GPArotation, stats, statsmodels and
    factor_analyzer (tests/test_factors.py).

    Examples
    --------
    >>> simple = np.array([[0.8, 0], [0.7, 0], [0, 0.6], [0, 0.9]])
    >>> turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    >>> np.abs(rotate(simple @ turn, "varimax").loadings).round(4).tolist()
    [[0.8, 0.0], [0.7, 0.0], [0.0, 0.6], [0.0, 0.9]]
    """
    check_choice("method", method, Rotation)
    if starts < 1:
        raise SpecError(f"starts={starts} must be 1 or more.")
    given = np.asarray(loadings, float)
    m = given.shape[1]
    wanted = _checked_target(target, given.shape) if method == "target" else np.full(given.shape, np.nan)
    if method == "none" or (m == 1 and method != "target"):
        return Turned(given.copy(), np.eye(m), np.eye(m))
    length = row_lengths(given, KAISER[method] if kaiser is None else kaiser)
    axes = given / length
    with one_blas_thread():
        if method in ("varimax", "promax"):
            found = _by_varimax(axes, None if method == "varimax" else power)
        else:
            first = procrustes(axes, _filled(axes, wanted / length)) if method == "target" else np.eye(m)
            criterion = criterion_of(method, gamma=gamma, epsilon=epsilon, wanted=wanted / length)
            found = _best(axes, criterion, _positions(first, starts, seed))
    return replace(found, loadings=found.loadings * length)


def row_lengths(loadings: Array, kaiser: bool) -> Array:
    """(..., p, 1) roots of the communalities, by which Kaiser's normalisation divides; ones without it."""
    length = np.sqrt((loadings**2).sum(axis=-1, keepdims=True))
    return np.where(length > 0, length, 1.0) if kaiser else np.ones_like(length)


def criterion_of(
    method: Rotation, *, gamma: float = 0.0, epsilon: float = 0.01, wanted: Array | None = None
) -> Gradient:
    """The function of stacked loadings that an oblique rotation minimises, with its gradient."""
    if method == "target" and wanted is not None:
        return lambda stack: to_target(stack, wanted)
    if method == "geomin":
        return lambda stack: geomin(stack, epsilon)
    return lambda stack: oblimin(stack, gamma)


# --- orthogonal ------------------------------------------------------------------------------------------------


def varimax_turn(axes: Array) -> tuple[Array, bool]:
    """(m, m) orthogonal turn of greatest varimax, and whether it settled.

    Singular values bring it near in a few steps, but may jump to and fro between two positions; Kaiser's turns of two factors
    at a time, each to its own maximum, then end there.
    """
    p, m = axes.shape
    turn, before = np.eye(m), 0.0
    for _ in range(_VARIMAX_ROUNDS):
        turned = axes @ turn
        left, size, right = np.linalg.svd(axes.T @ (turned**3 - turned * ((turned**2).sum(axis=0) / p)))
        turn, now = left @ right, float(size.sum())
        if now < before * (1 + _NEAR):
            break
        before = now
    first, second = np.triu_indices(m, 1)
    turned = axes @ turn
    for _ in range(_VARIMAX_ROUNDS):
        if np.abs(_planar_angles(turned[:, first], turned[:, second])).max(initial=0.0) < _ANGLE:
            return turn, True
        for j, k in zip(first, second, strict=True):
            angle = float(_planar_angles(turned[:, [j]], turned[:, [k]])[0])
            plane = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            turned[:, [j, k]], turn[:, [j, k]] = turned[:, [j, k]] @ plane, turn[:, [j, k]] @ plane
    return turn, False


def _planar_angles(x: Array, y: Array) -> Array:
    """The angle of each pair of columns that maximises the varimax of the two (Kaiser 1958)."""
    u, v, p = x**2 - y**2, 2 * x * y, len(x)
    a, b = u.sum(axis=0), v.sum(axis=0)
    cross, size = (u * v).sum(axis=0), (u * u - v * v).sum(axis=0)
    return np.asarray(np.arctan2(2 * (cross - a * b / p), size - (a**2 - b**2) / p) / 4)


def _by_varimax(axes: Array, power: float | None) -> Turned:
    """Varimax; with a power, its loadings are brought to that power by regression and factors scaled to variance 1."""
    turn, done = varimax_turn(axes)
    turned = axes @ turn
    if power is None:
        return Turned(turned, np.eye(len(turn)), turn, converged=done)
    step = promax_step(turned, power)
    back = np.linalg.inv(turn @ step)
    return Turned(turned @ step, back @ back.T, back.T, converged=done)


def procrustes(axes: Array, wanted: Array) -> Array:
    """(m, m) the orthogonal turn that brings axes nearest to what is wanted.

    >>> procrustes(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(2)).round(6).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    left, _, right = np.linalg.svd(axes.T @ wanted)
    return np.asarray(left @ right)


# --- oblique ---------------------------------------------------------------------------------------------------


def promax_step(turned: Array, power: float = 4.0) -> Array:
    """(m, m) with ``promax loadings = varimax loadings @ step``, as in R's ``stats::promax``."""
    step = np.linalg.lstsq(turned, turned * np.abs(turned) ** (power - 1), rcond=None)[0]
    return np.asarray(step * np.sqrt(np.diagonal(np.linalg.inv(step.T @ step))))


def oblimin(stack: Array, gamma: float = 0.0) -> tuple[Array, Array]:
    """(s,) criteria and (s, p, m) gradients of stacked loadings; gamma = 0 is quartimin."""
    square = stack**2
    other = square.sum(axis=-1, keepdims=True) - square
    if gamma:
        other = other - gamma * other.mean(axis=-2, keepdims=True)
    return (square * other).sum(axis=(-2, -1)) / 4, stack * other


def geomin(stack: Array, epsilon: float = 0.01) -> tuple[Array, Array]:
    """(s,) criteria and (s, p, m) gradients: sums over items of the geometric mean of squared loadings."""
    square = stack**2 + epsilon
    mean = np.exp(np.log(square).mean(axis=-1, keepdims=True))
    return mean.sum(axis=(-2, -1)), (2 / stack.shape[-1]) * stack / square * mean


def to_target(stack: Array, wanted: Array) -> tuple[Array, Array]:
    """(s,) squared distances to the loadings wanted, where any are, and (s, p, m) gradients."""
    away = np.where(np.isnan(wanted), 0.0, stack - wanted)
    return (away**2).sum(axis=(-2, -1)), 2 * away


def turn_obliquely(axes: Array, criterion: Gradient, turn: Array) -> tuple[Array, Array, Array]:
    """(s, m, m) turns of least criterion from s starting positions, (s,) criteria, and whether each converged.

    ``axes`` are (p, m), or (s, p, m) where every position has its own. Columns of a turn have length 1; each step follows the
    gradient within these spheres and is halved until the criterion falls (Jennrich 2002).
    """
    axes = np.broadcast_to(axes, (len(turn), *axes.shape[-2:]))
    turn, size = turn.copy(), np.ones(len(turn))
    value, slope = _slope(axes, turn, criterion)
    done, going = np.zeros(len(turn), dtype=bool), np.arange(len(turn))
    for _ in range(_ROUNDS):
        within = slope - turn[going] * (turn[going] * slope).sum(axis=-2, keepdims=True)
        steep = np.sqrt((within**2).sum(axis=(-2, -1)))
        done[going] = steep < _TOLERANCE
        kept = ~done[going]
        going, slope, within, steep = going[kept], slope[kept], within[kept], steep[kept]
        if not len(going):
            break
        size[going] *= 2
        slope = _downhill(axes, criterion, turn, value, size, going, within, steep)
    return turn, value, done


def _downhill(
    axes: Array, criterion: Gradient, turn: Array, value: Array, size: Array, going: Array, within: Array, steep: Array
) -> Array:
    """One step of every position that still goes, halved where the criterion does not fall enough; new slopes."""
    slope, left = np.empty_like(within), np.arange(len(going))
    for last in range(_HALVINGS, -1, -1):
        k = going[left]
        moved = turn[k] - size[k, None, None] * within[left]
        moved /= np.sqrt((moved**2).sum(axis=-2, keepdims=True))
        new, gradient = _slope(axes[k], moved, criterion)
        falls = (value[k] - new > 0.5 * steep[left] ** 2 * size[k]) | (last == 0)
        at = k[falls]
        turn[at], value[at], slope[left[falls]] = moved[falls], new[falls], gradient[falls]
        left = left[~falls]
        if not len(left):
            break
        size[going[left]] /= 2
    return slope


def _slope(axes: Array, turn: Array, criterion: Gradient) -> tuple[Array, Array]:
    back = np.linalg.inv(turn)
    stack = axes @ np.swapaxes(back, -1, -2)
    value, gradient = criterion(stack)
    return value, -np.swapaxes(np.swapaxes(stack, -1, -2) @ gradient @ back, -1, -2)


def _positions(first: Array, starts: int, seed: int) -> Array:
    """(starts, m, m) the first position and random orthogonal ones."""
    random = np.random.default_rng(seed).standard_normal((starts - 1, *first.shape))
    return np.concatenate([first[None], np.linalg.qr(random)[0]]) if starts > 1 else first[None]


def _best(axes: Array, criterion: Gradient, positions: Array) -> Turned:
    turns, values, done = turn_obliquely(axes, criterion, positions)
    best = int(np.argmin(np.where(done, values, np.inf) if done.any() else values))
    turn = turns[best]
    same = values <= values[best] + _SAME * max(abs(float(values[best])), _SAME)
    return Turned(axes @ np.linalg.inv(turn).T, turn.T @ turn, turn, float(values[best]), bool(done[best]), len(positions),
                  int(same.sum()))  # fmt: skip


# --- targets ---------------------------------------------------------------------------------------------------


def _checked_target(target: ArrayLike | None, shape: tuple[int, ...]) -> Array:
    if target is None:
        raise SpecError(
            "rotation 'target' needs target=: one row per item, one column per factor, nan where nothing is wanted."
        )
    wanted = np.asarray(target, float)
    if wanted.shape != shape:
        raise SpecError(f"target has shape {wanted.shape}; {shape[0]} items and {shape[1]} factors need {shape}.")
    if not np.isfinite(wanted).any(axis=0).all():
        raise SpecError("every factor of the target needs at least one loading that is wanted.")
    return wanted


def _filled(axes: Array, wanted: Array) -> Array:
    """Where nothing is wanted, what an item that loads on this factor alone would have."""
    return np.where(np.isnan(wanted), np.sqrt((axes**2).sum(axis=1, keepdims=True)), wanted)
