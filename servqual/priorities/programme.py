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

from servqual.moments import one_blas_thread
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


@dataclass(frozen=True, eq=False)
class Solved:
    """The best set, what it brings, and the solver's bound that no set can pass."""

    chosen: Sets
    benefit: float
    bound: float


# --- the integer programme ---------------------------------------------------------------------------------


def prices(rules: Rules, units: Units, rise: Array, weight: Array) -> Array:
    """(n,) a tiny charge for each action, so that of equally good sets the cheaper, then the smaller one is best.

    All together are charged a millionth of the largest benefit that any action has: what differs by less counts as equal.
    """
    largest = float(np.abs(units.alone(rise, weight, np.zeros(len(units.room), dtype=bool))).max(initial=0.0)) or 1.0
    total = float(rules.cost.sum()) or 1.0
    return 1e-6 * largest * (rules.cost / total + 0.01 / rules.n)


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


def best_set(
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


def cheapest_cost(rules: Rules, units: Units) -> float | None:
    """The least that a set can cost which keeps all but the budget; None if no set does."""
    free, none = replace(rules, budget=float(rules.cost.sum())), np.zeros(len(units.room), dtype=bool)
    found = _within_budget(_programme(free, units, np.zeros(rules.n), none, {}), free, -rules.cost)
    return None if found is None else float(rules.cost[found[0]].sum())


# --- what would change it ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Search:
    """The best set with one action in or out, under changed costs or gains: all sets compared where these are few, else solved.

    Attributes
    ----------
    sets : every set that keeps all but the budget; None where they are too many
    """

    rules: Rules
    units: Units
    rise: Array
    weight: Array
    sets: Sets | None

    @classmethod
    def of(cls, rules: Rules, units: Units, rise: Array, weight: Array) -> Search:
        """With all sets written out where there are few actions."""
        return cls(rules, units, rise, weight, all_sets(rules)[0] if rules.n <= ENUMERATED else None)

    def best(self, fixed: Mapping[int, int], *, rise: Array | None = None, cost: Array | None = None) -> Solved | None:
        """The best set with some actions held in or out, and changed numbers."""
        rules = self.rules if cost is None else replace(self.rules, cost=cost)
        lifted = self.rise if rise is None else rise
        if self.sets is None:
            return best_set(rules, self.units, lifted, self.weight, fixed=fixed)
        fine = self.sets @ rules.cost <= rules.budget + rules.slack
        for a, value in fixed.items():
            fine &= self.sets[:, a] == bool(value)
        if not fine.any():
            return None
        sets = self.sets[fine]
        benefit = benefits_of(sets, self.units, lifted[None], self.weight[None], self.units.tight(lifted))[:, 0]
        k = int((benefit - sets @ prices(rules, self.units, lifted, self.weight)).argmax())
        return Solved(sets[k], float(benefit[k]), float(benefit[k]))

    def better(self, one: Solved | None, two: Solved | None, cost: Array) -> bool:
        """True where the first set brings more than the second, or the same and costs no more."""
        if one is None or two is None:
            return one is not None
        if not self._equal(one, two):
            return one.benefit > two.benefit
        return bool(cost[one.chosen].sum() <= self.rules.cost[two.chosen].sum() + self.rules.slack)

    def _equal(self, one: Solved, two: Solved) -> bool:
        """True where two sets bring the same but for a millionth."""
        return abs(one.benefit - two.benefit) <= 1e-6 * max(abs(one.benefit), abs(two.benefit))

    def highest_cost(self, action: int, without: Solved | None) -> float | None:
        """The most that an action may cost so that the best set has it, and not set ``without``; None if not even for nothing.

        The set that is best for a cost tells how far it would still win: up to the budget, or up to what the set without the action
        costs if that brings the same, less what its other actions cost. A little beyond, the next set is asked, until none wins.
        """
        own, step = np.arange(self.rules.n) == action, 1e-6 * self.rules.budget
        limit: float | None = None
        cost = 0.0
        while cost <= self.rules.budget:
            changed = np.where(own, cost, self.rules.cost)
            found = self.best({action: 1}, cost=changed)
            if found is None or not self.better(found, without, changed):
                break
            equal = without is not None and self._equal(found, without)
            end = float(self.rules.cost[without.chosen].sum()) if without is not None and equal else self.rules.budget
            limit = max(cost, end - float(self.rules.cost[found.chosen & ~own].sum()))
            cost = limit + (step or 1.0)
        return limit

    def lowest_gain(self, action: int, reach: float, most: float, without: Solved | None) -> float | None:
        """The least gain, 0 to ``most``, with which the best set has an action, and not set ``without``; None if no such gain brings it in.

        What the best set with the action brings rises with the action's gain: along a line where its items have room left, which
        tells where it meets the best set without it; else the gain is found by halving.
        """
        own = np.arange(self.rules.n) == action

        def wins(gain: float) -> bool:
            found = self.best({action: 1}, rise=np.where(own, reach * gain, self.rise))
            return self.better(found, without, self.rules.cost)

        if wins(0.0):
            return 0.0
        line = self._line_meets(action, reach, without)
        if line <= most:
            return line
        if not wins(most):
            return None
        low, high = 0.0, most
        while high - low > 1e-7:
            middle = (low + high) / 2
            low, high = (low, middle) if wins(middle) else (middle, high)
        return high

    def _line_meets(self, action: int, reach: float, without: Solved | None) -> float:
        """The gain at which sets with the action become as good as the best one without, while rooms are not filled; else infinity."""
        rise = np.where(np.arange(self.rules.n) == action, 0.0, self.rise)
        found = self.best({action: 1}, rise=rise)
        touched = self.units.touches[:, action] > 0
        slope = reach * float(self.weight[touched].sum())
        if found is None or without is None or not slope > 0:
            return np.inf
        line = (without.benefit - found.benefit) / slope
        others = np.maximum(rise, 0) @ self.units.touches[touched].T
        return line if line >= 0 and (others + reach * line < self.units.room[touched] - 1e-9).all() else np.inf


# --- every set ---------------------------------------------------------------------------------------------


def all_sets(rules: Rules) -> tuple[Sets, Array]:
    """Every set that keeps all but the budget, the cheapest first, and what each costs.

    >>> sets, cost = all_sets(Rules(np.array([3.0, 2.0]), 4.0, needs=((0, 1),)))
    >>> sets.astype(int).tolist(), cost.tolist()
    ([[0, 0], [0, 1], [1, 1]], [0.0, 2.0, 5.0])
    """
    sets = (np.arange(2**rules.n)[:, None] >> np.arange(rules.n) & 1).astype(bool)
    sets = sets[rules.kept_by(sets)]
    cost = sets @ rules.cost
    order = np.lexsort((sets.sum(axis=1), np.round(cost, 9)))
    return sets[order], cost[order]


def benefits_of(sets: Sets, units: Units, rise: Array, weight: Array, apart: Sets) -> Array:
    """(sets, draws) what each set brings in each draw; ``apart`` are the units whose room may be used up in any."""
    table = sets.astype(float)
    found = table @ units.alone(rise, weight, apart).T
    for u in np.flatnonzero(apart):
        met = np.flatnonzero(units.touches[u])
        found += np.minimum(table[:, met] @ rise[:, met].T, units.room[u]) * weight[:, u]
    return found


def best_of_draws(
    sets: Sets, units: Units, rise: Array, weight: Array, own: int
) -> tuple[NDArray[np.intp], Array, Array]:
    """For each draw which set is best (the first of equal ones), what it brings, and what set ``own`` brings."""
    apart, step = units.tight(rise), max(1, _CHUNK // len(sets))
    which, best, mine = [], [], []
    with one_blas_thread():
        for start in range(0, len(rise), step):
            part = slice(start, start + step)
            found = benefits_of(sets, units, rise[part], weight[part], apart)
            first = found.argmax(axis=0)
            which.append(first)
            best.append(found[first, np.arange(found.shape[1])])
            mine.append(found[own])
    return np.concatenate(which), np.concatenate(best), np.concatenate(mine)


def frontier_of(cost: Array, benefit: Array, slack: float) -> NDArray[np.intp]:
    """Which of the sets, the cheapest first, bring more than all that cost no more.

    >>> frontier_of(np.array([0.0, 2.0, 3.0, 3.0]), np.array([0.0, 5.0, 4.0, 6.0]), 0.0).tolist()
    [0, 1, 3]
    """
    kept: list[int] = []
    for k in np.lexsort((-benefit, np.round(cost, 9))):
        if not kept or benefit[k] > benefit[kept[-1]] + _TIE * max(abs(benefit[kept[-1]]), 1e-12):
            if kept and cost[k] <= cost[kept[-1]] + slack:
                kept.pop()
            kept.append(int(k))
    return np.array(kept, dtype=np.intp)


def envelope_of(cost: Array, benefit: Array) -> Sets:
    """(points,) True for the corners of the smallest concave line above a frontier.

    >>> envelope_of(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 1.5, 3.0])).tolist()
    [True, False, False, True]
    """
    corners: list[int] = []
    for k in range(len(cost)):
        while len(corners) > 1 and _below(corners[-2], corners[-1], k, cost, benefit):
            corners.pop()
        corners.append(k)
    found = np.zeros(len(cost), dtype=bool)
    found[corners] = True
    return found


def _below(i: int, j: int, k: int, cost: Array, benefit: Array) -> bool:
    """True where the middle point is not above the line through the others."""
    rise, whole = (benefit[j] - benefit[i]) * (cost[k] - cost[i]), (benefit[k] - benefit[i]) * (cost[j] - cost[i])
    return bool(rise <= whole + 1e-12 * abs(whole))


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
