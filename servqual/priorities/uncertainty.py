"""What is not known for sure? Gains as two-piece normal distributions, and the error of whatever says what items weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.importance import Drivers
from servqual.index_weights.weights import IndexWeights
from servqual.instruments import Instrument
from servqual.priorities.actions import Action
from servqual.priorities.quadrants import Quadrants
from survey_design.errors import SpecError
from survey_design.results import Text

Array = NDArray[np.float64]

_Z10 = 1.2815515655446004  # 10 % of a normal distribution lie further below its mean than so many deviations


# --- gains -------------------------------------------------------------------------------------------------


def two_piece_normal(likely: float, low: float, high: float) -> tuple[float, float]:
    """Deviations below and above the mode of the two-piece normal distribution of which 10 % lie below ``low`` and 10 % above ``high``.

    A normal density with deviation s1 left of its mode and s2 right of it, joined there; the part ``s1 / (s1 + s2)`` lies left. Equal
    distances give the normal distribution.

    References
    ----------
    Wallis (2014), The two-piece normal, binormal, or double Gaussian distribution, Statistical Science 29, 106-112, doi:10.1214/13-STS417.

    >>> [round(s, 4) for s in two_piece_normal(0.0, -1.2816, 1.2816)]
    [1.0, 1.0]
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    below, above = likely - low, high - likely
    if below == above:
        return below / _Z10, above / _Z10
    least, most = 0.1 + 1e-12, 0.9 - 1e-12

    def off(left: float) -> float:
        return float(left * -ndtri(0.05 / left) * above - (1 - left) * -ndtri(0.05 / (1 - left)) * below)

    left = least if off(least) >= 0 else most if off(most) <= 0 else brentq(off, least, most, xtol=1e-14)
    if left <= 0.5:
        whole = above / -ndtri(0.05 / (1 - left)) / (1 - left)
    else:
        whole = below / -ndtri(0.05 / left) / left
    return float(left * whole), float((1 - left) * whole)


def draw_gains(actions: Sequence[Action], draws: int, rng: np.random.Generator) -> Array:
    """(draws, n) gains, each by itself."""
    spread = np.array([two_piece_normal(a.gain, a.low, a.high) for a in actions])
    size, side = np.abs(rng.standard_normal((draws, len(actions)))), rng.random((draws, len(actions)))
    whole = spread.sum(axis=1)
    left = side * whole < spread[:, 0]
    return np.array([a.gain for a in actions]) + size * np.where(left, -spread[:, 0], spread[:, 1])


def gains_at(actions: Sequence[Action], chance: float) -> Array:
    """(n,) what each gain stays below with this chance: all of them misjudged the same way at once.

    >>> one = Action("a", "REL1", 1.0, 0.3, 0.1, 0.7, 1.0)
    >>> [round(float(gains_at([one], chance)[0]), 6) for chance in (0.1, 0.9)]
    [0.1, 0.7]
    """
    from scipy.special import ndtri

    spread = np.array([two_piece_normal(a.gain, a.low, a.high) for a in actions])
    whole = spread.sum(axis=1)
    left = np.divide(spread[:, 0], whole, out=np.full(len(whole), 0.5), where=whole > 0)
    below = chance < left
    share = np.where(
        below, chance / np.where(below, 2 * left, 1), 1 - (1 - chance) / np.where(below, 1, 2 * (1 - left))
    )
    return np.array([a.gain for a in actions]) + np.where(below, spread[:, 0], spread[:, 1]) * ndtri(
        np.clip(share, 1e-12, 1 - 1e-12)
    )


def mean_gains(actions: Sequence[Action]) -> Array:
    """(n,) means of the same distributions."""
    spread = np.array([two_piece_normal(a.gain, a.low, a.high) for a in actions])
    return np.array([a.gain for a in actions]) + np.sqrt(2 / np.pi) * (spread[:, 1] - spread[:, 0])


# --- importance --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """What items weigh, summing to 1, as found and in each draw, and how it was drawn."""

    value: Array
    draws: Array
    how: Text
    unweighted: tuple[str, ...] = ()


def item_weights(importance: Any, instrument: Instrument, draws: int, rng: np.random.Generator) -> ItemWeights:
    """Weights of items from any kind of importance."""
    names, value, drawn, how = _given_importance(importance, draws, rng)
    spread, missing = _to_items(names, instrument)
    faulty = [
        f"{name} ({number:g})"
        for name, number in zip(names, value, strict=True)
        if not number >= 0 or not np.isfinite(number)
    ]
    if faulty or not value.sum() > 0:
        raise SpecError(
            f"importance must be 0 or more, and above 0 for something; not so: {', '.join(faulty) or 'all are 0'}."
        )
    drawn = np.maximum(drawn, 0)
    total = drawn.sum(axis=1, keepdims=True)
    drawn = np.where(total > 0, drawn / np.where(total > 0, total, 1), value / value.sum())
    return ItemWeights(value / value.sum() @ spread, drawn @ spread, how, missing)


def _given_importance(importance: Any, draws: int, rng: np.random.Generator) -> tuple[list[str], Array, Array, Text]:
    """Names, values and (draws, names) draws of importance, not yet scaled."""
    if isinstance(importance, Drivers):
        if importance.by:
            raise SpecError("importance= is split by groups: compute the drivers of one group, or of all together.")
        value, se = (importance.frame[name].to_numpy(float) for name in ("importance", "se"))
        normal: Text = {"en": "importance from normal draws with its standard errors, each by itself, none below 0",
                        "zh": "重要性按其标准误作正态抽取，彼此独立，不低于 0"}  # fmt: skip
        drawn = value + np.nan_to_num(se) * rng.standard_normal((draws, len(value)))
        return [str(name) for name in importance.frame["driver"]], value, drawn, normal
    if isinstance(importance, IndexWeights):
        return _of_weights(importance, draws, rng)
    placed = getattr(importance, "quadrants", importance)
    if isinstance(placed, Quadrants):
        return _of_quadrants(placed, draws, rng)
    if isinstance(importance, pd.DataFrame):
        table = importance.to_numpy(float)
        given: Text = {"en": "importance from the replicates given", "zh": "重要性取自所给重复样本"}
        return (
            [str(name) for name in importance.columns],
            table.mean(axis=0),
            table[rng.integers(0, len(table), draws)],
            given,
        )
    if not isinstance(importance, Mapping | pd.Series) or not len(importance):
        raise SpecError(
            "importance= must be a mapping from item or dimension to a number, a frame of replicates, Drivers, IndexWeights, Quadrants or "
            "Priorities."
        )
    fixed = (
        np.array([float(number) for number in importance.values()])
        if isinstance(importance, Mapping)
        else importance.to_numpy(float)
    )
    known: Text = {"en": "importance as given, without error", "zh": "重要性按所给数值，不计误差"}
    return [str(name) for name in importance.keys()], fixed, np.tile(fixed, (draws, 1)), known  # noqa: SIM118 (a Series iterates over values)


def _of_quadrants(placed: Quadrants, draws: int, rng: np.random.Generator) -> tuple[list[str], Array, Array, Text]:
    """Importance as the map of importance and performance has it, items without any left out."""
    if placed.by:
        raise SpecError("importance= is split by groups: place the items of one group, or of all together.")
    rows = placed.frame[placed.frame["importance"].notna()]
    value, se = (rows[name].to_numpy(float) for name in ("importance", "importance_se"))
    drawn = value + np.nan_to_num(se) * rng.standard_normal((draws, len(value)))
    normal: Text = {"en": "importance from normal draws with its standard errors, each by itself, none below 0",
                    "zh": "重要性按其标准误作正态抽取，彼此独立，不低于 0"}  # fmt: skip
    return [str(name) for name in rows["item"]], value, drawn, normal


def _of_weights(weights: IndexWeights, draws: int, rng: np.random.Generator) -> tuple[list[str], Array, Array, Text]:
    """Weights of an index with their bootstrap samples, else with normal draws as wide as their intervals."""
    from scipy.stats import t

    frame = weights.frame
    names, value = [str(name) for name in frame["indicator"]], frame["weight"].to_numpy(float)
    if weights.draws.size:
        resampled: Text = {"en": "importance from bootstrap samples of the weights", "zh": "重要性取自权重的自助样本"}
        return names, value, weights.draws[rng.integers(0, len(weights.draws), draws)], resampled
    wide = (frame["high"] - frame["low"]).to_numpy(float)
    if np.isfinite(wide).any():
        se = np.nan_to_num(wide / 2 / t.isf((1 - weights.level) / 2, np.maximum(frame["n"].to_numpy(float) - 1, 1)))
        normal: Text = {"en": "importance from normal draws as wide as the intervals of the weights, each by itself, none below 0",
                        "zh": "重要性按权重区间作正态抽取，彼此独立，不低于 0"}  # fmt: skip
        return names, value, value + se * rng.standard_normal((draws, len(value))), normal
    known: Text = {"en": "weights without error, as their method gives none", "zh": "权重方法不提供误差，按已知值处理"}
    return names, value, np.tile(value, (draws, 1)), known


def _to_items(names: Sequence[str], instrument: Instrument) -> tuple[Array, tuple[str, ...]]:
    """(names, items) how importance falls on items, and items that have none; a dimension's is shared evenly among its items."""
    items = [item.id for item in instrument.items]
    dimensions = {item.id: item.dimension for item in instrument.items}
    unknown = [name for name in names if name not in items and name not in dimensions.values()]
    whole = [name for name in names if name not in items]
    if unknown or (whole and len(whole) < len(names)):
        raise SpecError(
            f"importance= must name items of {instrument.name}, or its dimensions, not both"
            + (f"; unknown: {', '.join(map(repr, unknown))}." if unknown else ".")
        )
    of = dimensions if whole else {name: name for name in items}
    spread = np.array([[float(of[item] == name) for item in items] for name in names])
    spread /= spread.sum(axis=1, keepdims=True)
    return spread, tuple(item for item, weight in zip(items, spread.sum(axis=0), strict=True) if not weight)
