"""Who goes to which store in which month? Months are shared out by least cost, again and again, until none gets better.

A *slot* is a visit to be made: a store, a month, a part of that month. All of a month's slots are shared out at once, an
assignment problem that is solved exactly; inspectors who are at a store too shortly before or after are closed to it. When
all months are filled each is solved again, beside what all the others have become. What cannot be filled stays open, the
least important first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[Any]
OPEN = -1
_LEFT_OUT, _IMPOSSIBLE = 1e6, 1e8
_NOISE, _ROUNDS, _TRIALS, _SPARE = 1e-3, 6, 4, 20


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be shared out.

    Attributes
    ----------
    store, month, part, parts : (r,) store, month, part and number of parts of the month of each slot
    again : (r,) True for blind second visits
    rank : (r,) 0 for the slot that is given up last, to 1 for the one that is given up first
    area : (s,) area of each store
    allowed : (s, i) who may visit it at all
    closed : (r, i) who may not be in this slot because of visits before the plan
    travel : (s, i) the way
    capacity, share : (i, m) visits that can be made, and the even share of these
    over : cost of a visit above the even share
    gap, strict, calendar : the same inspector is back after (more than) so many months, counted by calendar months or dates
    by_area : rotation holds for areas as well
    """

    store: Array
    month: Array
    part: Array
    parts: Array
    again: Array
    rank: Array
    area: Array
    allowed: Array
    closed: Array
    travel: Array
    capacity: Array
    share: Array
    over: float
    gap: int
    strict: bool
    calendar: bool
    by_area: bool

    @cached_property
    def position(self) -> Array:
        """(r,) place of a slot in the row of its store's visits."""
        return self.parts * self.month + self.part

    def near(self, a: Array, b: Array) -> Array:
        """True where two slots of a store are too near for one inspector."""
        near = abs(self.position[a] - self.position[b]) < self.parts[a] * self.gap + self.strict
        if self.calendar:
            near |= abs(self.month[a] - self.month[b]) < self.gap + self.strict
        return near

    @cached_property
    def rivals(self) -> Array:
        """(r, q) slots of the same store, in other months, that are too near; −1 where there are no more."""
        lists = []
        for slots in self.of_store:
            first, second = np.meshgrid(slots, slots, indexing="ij")
            near = self.near(first, second) & (self.month[first] != self.month[second])
            lists += [(slot, slots[row]) for slot, row in zip(slots, near, strict=True)]
        table = np.full((len(self.store), max((len(row) for _, row in lists), default=0)), -1)
        for slot, row in lists:
            table[slot, : len(row)] = row
        return table

    @cached_property
    def of_store(self) -> list[Array]:
        """The slots of every store, in time."""
        order = np.lexsort((self.again, self.position, self.store))
        return np.split(order, np.cumsum(np.bincount(self.store, minlength=len(self.area)))[:-1])

    @cached_property
    def of_month(self) -> list[Array]:
        """The slots of every month."""
        return [np.flatnonzero(self.month == m) for m in range(self.capacity.shape[1])]

    def free(self, slots: Array, given: Array) -> Array:
        """(slots, i) who may take each slot of one month, beside what other months were given."""
        free = self.allowed[self.store[slots]] & ~self.closed[slots]
        rivals = self.rivals[slots]
        who = np.where(rivals >= 0, given[rivals], OPEN)
        rows, columns = np.nonzero(who >= 0)
        free[rows, who[rows, columns]] = False
        if self.by_area and len(slots):
            free &= ~self._stayed(int(self.month[slots[0]]), given)[:, self.area[self.store[slots]]].T
        return free

    def _stayed(self, month: int, given: Array) -> Array:
        """(i, areas) who is in an area in another month that is too near to this one."""
        apart = abs(self.month - month)
        rows = np.flatnonzero((given >= 0) & (apart > 0) & (apart < self.gap + self.strict))
        stayed = np.zeros((len(self.capacity), int(self.area.max()) + 1), dtype=bool)
        stayed[given[rows], self.area[self.store[rows]]] = True
        return stayed

    def cost(self, given: Array) -> float:
        """Travel and visits above the even share; slots left open not counted."""
        rows = np.flatnonzero(given >= 0)
        load = np.zeros(self.capacity.shape)
        np.add.at(load, (given[rows], self.month[rows]), 1)
        over = np.maximum(load - self.share, 0).sum()
        return float(self.travel[self.store[rows], given[rows]].sum() + self.over * over)

    def whole(self, given: Array) -> float:
        """The cost with the slots that are left open."""
        return self.cost(given) + float(_LEFT_OUT * (2 - self.rank[given < 0]).sum())


def share_out(
    task: Task,
    start: Array,
    generator: Generator,
    tell: Callable[[int, int], None] | None = None,
    *,
    filled: bool = False,
) -> Array:
    """(r,) an inspector for every slot, −1 where none is left: each month again beside all the others, until no month gets cheaper.

    Parameters
    ----------
    task : what is to be shared out
    start : (r,) a roster to begin with, −1 for open slots; it keeps all rules
    generator : breaks ties
    tell : ``tell(done, total)`` after every month
    filled : stop as soon as no slot is open
    """
    noise = _NOISE * generator.random((len(task.store), len(task.capacity)))
    months, idle, given, best = task.capacity.shape[1], 0, start, task.whole(start)
    for turn in range(_ROUNDS * months):
        slots, trial = task.of_month[turn % months], given.copy()
        trial[slots] = _filled(task, turn % months, given, noise)
        cost = task.whole(trial)
        idle = 0 if cost < best - 1e-9 else idle + 1
        if cost < best + 1e-9:  # another roster of the same cost may lead on
            given, best = trial, min(cost, best)
        if tell is not None:
            tell(turn + 1, months * _ROUNDS)
        if idle >= months or (filled and not (given < 0).any()):
            break
    return given


def _filled(task: Task, month: int, given: Array, guide: Array) -> Array:
    """(slots,) the month's slots shared out at least cost; two slots of one store never go to the same inspector."""
    slots = task.of_month[month]
    free = task.free(slots, given)
    cost = np.where(free, task.travel[task.store[slots]] + guide[slots], _IMPOSSIBLE)
    worst_first = np.argsort(-task.rank[slots], kind="stable")
    for _ in range(_TRIALS):
        taken = _assigned(cost, task.capacity[:, month], task.share[:, month], task.over, 2 - task.rank[slots])
        twice = _second_of_two(task.store[slots], taken, worst_first)
        if not len(twice):
            return taken
        cost[twice, taken[twice]] = _IMPOSSIBLE
    taken[twice] = OPEN
    return taken


def _assigned(cost: Array, capacity: Array, share: Array, over: float, weight: Array) -> Array:
    """(slots,) the assignment problem: an inspector stands as often as there is capacity, beyond the share at a price."""
    from scipy.optimize import linear_sum_assignment

    who = np.repeat(np.arange(len(capacity)), capacity)
    turn = np.arange(len(who)) - np.repeat(np.cumsum(capacity) - capacity, capacity)
    table = cost[:, who] + over * (turn >= share[who])
    few = min(max(len(cost) - len(who), 0) + _SPARE, len(cost))
    for places in (few, len(cost)):  # mostly few slots stay open; where more must, all may
        both = np.hstack([table, np.broadcast_to(_LEFT_OUT * weight[:, None], (len(cost), places))])
        rows, columns = linear_sum_assignment(both)
        if both[rows, columns].max(initial=0.0) < _IMPOSSIBLE:
            break
    taken = np.full(len(cost), OPEN)
    inside = columns < len(who)
    taken[rows[inside]] = who[columns[inside]]
    return taken


def _second_of_two(store: Array, taken: Array, worst_first: Array) -> Array:
    """Slots whose store has another slot with the same inspector; of two the one that matters less."""
    seen: dict[tuple[int, int], int] = {}
    second = []
    for k in worst_first[::-1]:
        if taken[k] >= 0 and seen.setdefault((int(store[k]), int(taken[k])), int(k)) != k:
            second.append(int(k))
    return np.array(second, dtype=int)
