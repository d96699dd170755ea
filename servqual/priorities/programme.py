"""Which set of actions brings most for the money? The integer programme behind the choice, and every set where actions are few.

An action lifts the items it aims at. With ``x`` (0 or 1 for each action), ``r`` what each lifts and ``w`` what items weigh, a set brings
``sum_u w_u min(room_u, sum_a r_a x_a)``, the inner sum over the actions that touch unit ``u``. Items that the same actions touch and that
have the same room are one unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from survey_design.errors import DataError

Array = NDArray[np.float64]
Sets = NDArray[np.bool_]

ENUMERATED = 16  # actions up to which all sets are written down
_CHUNK = 4_000_000  # cells of a table of sets by draws held at once
_FINE = 1e5  # what the largest entry is scaled to, as the solver has an absolute tolerance
_TIE = 1e-9  # benefits nearer than this share of the best are equal


@dataclass(frozen=True, eq=False)
class Rules:
    """What a set must keep.

    Attributes
    ----------
    cost : (n,)
    budget : what all may cost together
    needs, excludes : pairs (a, b): a only with b; a and b not together
    least : (members, number): so many of these actions or more
    """

    cost: Array
    budget: float
    needs: tuple[tuple[int, int], ...] = ()
    excludes: tuple[tuple[int, int], ...] = ()
    least: tuple[tuple[tuple[int, ...], int], ...] = ()

    @property
    def n(self) -> int:
        """Actions."""
        return len(self.cost)

    @property
    def slack(self) -> float:
        """What a sum of costs may miss by rounding."""
        return 1e-9 * max(1.0, float(self.cost.sum()))

    def kept_by(self, sets: Sets) -> Sets:
        """(sets,) True where all but the budget is kept."""
        fine = np.ones(len(sets), dtype=bool)
        for a, b in self.needs:
            fine &= ~sets[:, a] | sets[:, b]
        for a, b in self.excludes:
            fine &= ~(sets[:, a] & sets[:, b])
        for members, number in self.least:
            fine &= sets[:, list(members)].sum(axis=1) >= number
        return fine


@dataclass(frozen=True, eq=False)
class Units:
    """What actions lift: ``touches`` (units, n) 0 or 1, ``room`` (units,) how far each can be lifted at most."""

    touches: Array
    room: Array

    @property
    def shared(self) -> Sets:
        """(units,) True where two actions or more meet."""
        return self.touches.sum(axis=1) > 1

    def tight(self, rise: Array) -> Sets:
        """(units,) True where the actions that meet could lift a unit beyond its room, in any of the draws of ``rise`` (…, n)."""
        most = np.maximum(rise, 0).reshape(-1, rise.shape[-1]) @ self.touches.T
        return self.shared & (most.max(axis=0) > self.room)

    def alone(self, rise: Array, weight: Array, apart: Sets) -> Array:
        """(…, n) what each action brings by itself to the units that are not set ``apart``."""
        lifted = np.minimum(rise[..., None, :], self.room[:, None]) * self.touches  # (…, units, n)
        return np.einsum("...u,...un->...n", np.where(apart, 0.0, weight), lifted)

    def benefit(self, chosen: Sets, rise: Array, weight: Array) -> Array:
        """(…) what one set brings, for any number of draws of rise (…, n) and weight (…, units)."""
        lifted = (rise * chosen) @ self.touches.T
        return (weight * np.minimum(lifted, self.room)).sum(axis=-1)


def units_of(touches: Array, room: Array, weights: Sequence[Array]) -> tuple[Units, list[Array]]:
    """Items that the same actions touch and that have the same room, taken together; items that nothing touches are left out.

    Parameters
    ----------
    touches : (items, n)
    room : (items,)
    weights : each (…, items)
    """
    some = touches.any(axis=1)
    keys = np.column_stack([touches, room])[some]
    found, which = np.unique(keys, axis=0, return_inverse=True)
    together = np.zeros((int(some.sum()), len(found)))
    together[np.arange(len(together)), which.ravel()] = 1
    return Units(found[:, :-1], found[:, -1]), [each[..., some] @ together for each in weights]


@dataclass(frozen=True, eq=False)
class Solved:
    """The best set, what it brings, and the solver's bound that no set can pass."""

    chosen: Sets
    benefit: float
    bound: float


# --- the integer programme ---------------------------------------------------------------------------------


def prices(rules: Rules, units: Units, rise: Array, weight: Array) -> Array:
    """(…, n) a tiny charge for each action, so that of equally good sets the cheaper, then the smaller one is best.

    All together are charged a millionth of the largest benefit that any action has: what differs by less counts as equal.
    """
    alone = np.abs(units.alone(rise, weight, np.zeros(len(units.room), dtype=bool)))
    largest = alone.max(axis=-1, keepdims=True, initial=0.0)
    total = float(rules.cost.sum()) or 1.0
    return 1e-6 * np.where(largest > 0, largest, 1.0) * (rules.cost / total + 0.01 / rules.n)


@dataclass(frozen=True, eq=False)
class _Programme:
    """Columns: an x for each action, a waste for each unit set apart. Rows: ``low <= rows @ columns <= high``."""

    rows: Array
    low: Array
    high: Array
    column_high: Array
    column_low: Array
    n: int

    def with_row(self, row: Array, low: float, high: float) -> _Programme:
        """The same with one more row."""
        return replace(
            self, rows=np.vstack([self.rows, row]), low=np.append(self.low, low), high=np.append(self.high, high)
        )

    def maximise(self, gain: Array) -> tuple[Sets, float] | None:
        """The best set and the solver's bound; None if no set keeps the rows."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        unit = _FINE / float(np.abs(gain).max()) if gain.any() else 1.0  # the solver stops at gaps of 1e-6
        whole = np.arange(len(gain)) < self.n
        rows, bounds = LinearConstraint(self.rows, self.low, self.high), Bounds(self.column_low, self.column_high)
        for presolve in (False, True):  # small programmes need none; it is the second way where the solver stumbles
            found = milp(-unit * gain, constraints=rows, integrality=whole.astype(int), bounds=bounds,
                         options={"mip_rel_gap": 0.0, "presolve": presolve})  # fmt: skip
            if found.x is not None or found.status == 2:
                break
        if found.status == 2:
            return None
        if found.x is None:
            raise DataError(f"the solver gave up on the choice of actions: {found.message}")
        bound = found.mip_dual_bound if found.mip_dual_bound is not None else found.fun
        return found.x[: self.n] > 0.5, -float(bound) / unit


def _programme(rules: Rules, units: Units, rise: Array, apart: Sets, fixed: Mapping[int, int]) -> _Programme:
    """The rows: the rules, and for each unit set apart ``sum r x - waste <= room``, the waste being what passes the room."""
    n, k = rules.n, int(apart.sum())
    parts: list[tuple[Array, float, float]] = [(np.append(rules.cost, np.zeros(k)), -np.inf, rules.budget)]

    def row(entries: Mapping[int, float], low: float, high: float) -> None:
        line = np.zeros(n + k)
        line[list(entries)] = list(entries.values())
        parts.append((line, low, high))

    for a, b in rules.needs:
        row({a: 1, b: -1}, -np.inf, 0)
    for a, b in rules.excludes:
        row({a: 1, b: 1}, -np.inf, 1)
    for members, number in rules.least:
        row(dict.fromkeys(members, 1.0), number, np.inf)
    for j, u in enumerate(np.flatnonzero(apart)):
        met = {int(a): float(rise[a]) for a in np.flatnonzero(units.touches[u])}
        row({**met, n + j: -1.0}, -np.inf, float(units.room[u]))
    rows, low, high = zip(*parts, strict=True)
    least, most = np.zeros(n + k), np.append(np.ones(n), np.full(k, np.inf))
    for a, value in fixed.items():
        least[a] = most[a] = value
    return _Programme(np.array(rows), np.array(low, dtype=float), np.array(high, dtype=float), most, least, n)


def _within_budget(programme: _Programme, rules: Rules, gain: Array) -> tuple[Sets, float] | None:
    """The best set. One that passes the budget by the solver's tolerance is forbidden, and the search goes on."""
    while True:
        found = programme.maximise(gain)
        if found is None or rules.cost[found[0]].sum() <= rules.budget + rules.slack:
            return found
        row = np.append(found[0].astype(float), np.zeros(len(gain) - rules.n))
        programme = programme.with_row(row, -np.inf, found[0].sum() - 1)


def solved_set(
    rules: Rules, units: Units, rise: Array, weight: Array, *, fixed: Mapping[int, int] | None = None
) -> Solved | None:
    """The set that brings most, the cheapest of those that bring the same; None if no set keeps the rules.

    Parameters
    ----------
    rise : (n,) what each action lifts
    weight : (units,)
    fixed : actions held in (1) or out (0)
    """
    apart = units.tight(rise)
    charge = prices(rules, units, rise, weight)
    plain = units.alone(rise, weight, apart) + (weight * apart) @ units.touches * rise
    found = _within_budget(
        _programme(rules, units, rise, apart, fixed or {}), rules, np.append(plain - charge, -weight[apart])
    )
    if found is None:
        return None
    chosen, bound = found
    return Solved(chosen, float(units.benefit(chosen, rise, weight)), bound + float(charge[chosen].sum()))


def solved_cost(rules: Rules, units: Units) -> float | None:
    """The least that a set can cost which keeps all but the budget; None if no set does."""
    free, none = replace(rules, budget=float(rules.cost.sum())), np.zeros(len(units.room), dtype=bool)
    found = _within_budget(_programme(free, units, np.zeros(rules.n), none, {}), free, -rules.cost)
    return None if found is None else float(rules.cost[found[0]].sum())
