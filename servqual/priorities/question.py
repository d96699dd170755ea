"""Which actions, under which rules, lifting what? All that a choice, its frontier and its limits are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from servqual.instruments import Instrument
from servqual.priorities.actions import Action, Actions, targets_of
from servqual.priorities.programme import Rules, Units, units_of
from servqual.priorities.uncertainty import ItemWeights, mean_gains
from survey_design.errors import SpecError

Array = NDArray[np.float64]
Gains = Literal["likely", "mean"]


@dataclass(frozen=True, eq=False)
class Question:
    """Which actions, under which rules, lifting what: all that a choice is computed from."""

    actions: Actions
    rules: Rules
    units: Units
    rise: Array
    weight: Array
    rise_draws: Array
    weight_draws: Array

    @property
    def ids(self) -> list[str]:
        """Of the actions, in their order."""
        return [each.id for each in self.actions]


def question_of(
    actions: Actions, budget: float, importance: ItemWeights, room: Mapping[str, float], minimum: Mapping[str, int], gains: Gains,
    drawn: Array,
) -> Question:  # fmt: skip
    instrument, all_of = actions.instrument, tuple(actions)
    items = instrument.items
    touches = np.array([[float(a.target in (item.id, item.dimension)) for a in all_of] for item in items])
    reach = np.array([a.reach for a in all_of])
    gain = mean_gains(all_of) if gains == "mean" else np.array([a.gain for a in all_of])
    units, (weight, weight_draws) = units_of(touches, _room(room, instrument), [importance.value, importance.draws])
    return Question(actions, _rules(all_of, budget, minimum), units, gain * reach, weight, drawn * reach, weight_draws)


def _rules(actions: Sequence[Action], budget: float, minimum: Mapping[str, int]) -> Rules:
    place = {each.id: k for k, each in enumerate(actions)}
    unknown = [owner for owner in minimum if owner not in {a.owner for a in actions if a.owner}]
    few = [owner for owner, number in minimum.items() if not isinstance(number, int) or number < 0]
    if unknown or few:
        raise SpecError(
            f"minimum= must give a whole number for owners that have actions; not so: {', '.join(map(repr, unknown or few))}."
        )
    return Rules(
        np.array([a.cost for a in actions]), budget,
        needs=tuple((place[a.id], place[other]) for a in actions for other in a.needs),
        excludes=tuple(sorted({(min(place[a.id], place[b]), max(place[a.id], place[b])) for a in actions for b in a.excludes})),
        least=tuple((tuple(k for k, a in enumerate(actions) if a.owner == owner), number) for owner, number in minimum.items() if number),
    )  # fmt: skip


def _room(room: Mapping[str, float], instrument: Instrument) -> Array:
    """(items,) how far each can rise: as told for it, else for its dimension, else the width of the scale."""
    width = float(instrument.scale.high - instrument.scale.low)
    known = targets_of(instrument)
    wrong = [name for name, points in room.items() if name not in known or not points >= 0]
    if wrong:
        raise SpecError(
            f"room= must give 0 or more points for items or dimensions of {instrument.name}; not so: {', '.join(map(repr, wrong))}. "
            "Where ratings are already at the top, or nothing falls short, give 0."
        )
    return np.array(
        [min(width, float(room.get(item.id, room.get(item.dimension, width)))) for item in instrument.items]
    )
