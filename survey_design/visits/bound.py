"""How good is a roster? What no roster can beat, the best one of a small plan, and how many inspectors are missing.

The bound is a linear relaxation of the whole plan. Stores of an area with as many visits a month, with or without
blind second visits, are one group, and so are
inspectors with the same way to everywhere and the same capacity; the rows of the programme are added up within groups. Any
roster, added up in this way, fits, so that none is cheaper. Where stores and inspectors of a group can't be told apart nothing
is lost: the mean over all ways to exchange equals is again a solution, and as cheap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey_design.visits.roster import OPEN, Task

Array = NDArray[Any]
_SMALL = 600  # pairs of slot and inspector up to which the whole plan is solved as integers; half as many with areas
_OPEN_COST = 1e4


@dataclass(frozen=True, eq=False)
class Bound:
    """What no plan can beat.

    Attributes
    ----------
    open_least : slots that every plan leaves open
    cost_least : cost of every plan that leaves no more open than ``open_most``
    open_most : slots that may be left open
    """

    open_least: int
    cost_least: float
    open_most: int


@dataclass(frozen=True, eq=False)
class _Groups:
    """The plan by groups of like stores and like inspectors.

    A variable is the number of visits of an inspector group to a store group at a position: ``who, kind, at`` (v,).
    ``wanted`` has (kind, at, month, slots); ``size`` is the number of inspectors in a group.
    """

    task: Task
    kind_of: Array  # (s,)
    who_of: Array  # (i,)

    @cached_property
    def size(self) -> Array:
        return np.bincount(self.who_of)

    @cached_property
    def pairs(self) -> Array:
        """(kinds, groups) pairs of a store and an inspector who may visit it."""
        by_kind = np.zeros((int(self.kind_of.max()) + 1, len(self.who_of)))
        np.add.at(by_kind, self.kind_of, self.task.allowed)
        table = np.zeros((len(by_kind), len(self.size)))
        np.add.at(table.T, self.who_of, by_kind.T)
        return table

    @cached_property
    def first_store(self) -> Array:
        return np.unique(self.kind_of, return_index=True)[1]

    @cached_property
    def first_who(self) -> Array:
        return np.unique(self.who_of, return_index=True)[1]

    @cached_property
    def cells(self) -> tuple[Array, Array]:
        """(cells, 4) kind, position, month, parts; (cells,) slots wanted."""
        task = self.task
        rows = np.column_stack([self.kind_of[task.store], task.position, task.month, task.parts])
        return np.unique(rows, axis=0, return_counts=True)

    @cached_property
    def variables(self) -> tuple[Array, Array]:
        """(v,) inspector group and cell of every variable."""
        cell, who = np.nonzero(self.pairs[self.cells[0][:, 0]])
        return who, cell


def groups_of(task: Task) -> _Groups:
    """Like stores and like inspectors of a task."""
    parts = np.ones(len(task.area), dtype=int)
    parts[task.store] = task.parts
    twice = np.bincount(task.store[task.again], minlength=len(parts)) > 0
    kind = np.column_stack([task.area, parts, twice, task.travel])
    kind_of = np.unique(kind, axis=0, return_inverse=True)[1].ravel()
    areas = np.array([np.bincount(task.area, may) for may in task.allowed.T]) > 0  # where they may go at all
    who = np.column_stack([areas, task.travel.T, task.capacity, task.share])
    return _Groups(task, kind_of, np.unique(who, axis=0, return_inverse=True)[1].ravel())


def bound_of(task: Task, open_most: int | None = None) -> Bound:
    """What no plan can beat: fewest open slots, then the least cost of a plan that leaves at most ``open_most`` open.

    Visits before the plan are not looked at: they only make plans worse, so that the bound holds. Where rotation holds for
    areas, an inspector makes no more visits to an area within a window than a month holds.
    """
    groups = groups_of(task)
    fewest = _solved(groups, None)
    least = int(np.ceil(fewest - 1e-6))
    most = least if open_most is None else open_most
    return Bound(least, max(_solved(groups, float(most)), 0.0), most)


def _solved(groups: _Groups, open_most: float | None) -> float:
    """The linear programme: fewest open slots (None), or least cost with at most so many open."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    task, (cells, wanted), (who, cell) = groups.task, groups.cells, groups.variables
    v, c, g, months = len(who), len(cells), len(groups.size), task.capacity.shape[1]
    loads = who * months + cells[cell, 2]
    visits, opened, above = np.arange(v), v + np.arange(c), v + c + np.arange(g * months)
    capacity = (task.capacity[groups.first_who] * groups.size[:, None]).ravel()
    share = (task.share[groups.first_who] * groups.size[:, None]).ravel()
    upper = [(loads, visits, 1.0, capacity), (loads, visits, 1.0, share)]
    rows = [loads, g * months + loads, g * months + np.arange(g * months)]
    columns, values = [visits, visits, above], [np.ones(v), np.ones(v), -np.ones(g * months)]
    limits = [upper[0][3], upper[1][3]]
    row, column, limit = _windows(groups)
    rows.append(2 * g * months + row)
    columns.append(column)
    values.append(np.ones(len(row)))
    limits.append(limit)
    if open_most is not None:
        rows.append(np.full(c, 2 * g * months + len(limit)))
        columns.append(opened)
        values.append(np.ones(c))
        limits.append(np.array([open_most + 1e-7]))
    cost = np.zeros(v + c + g * months)
    if open_most is None:
        cost[opened] = 1
    else:
        cost[:v] = task.travel[groups.first_store[cells[cell, 0]], groups.first_who[who]]
        cost[above] = task.over
    most = np.concatenate(limits)
    less = coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (len(most), len(cost)))
    equal = coo_array(
        (np.ones(v + c), (np.concatenate([cell, np.arange(c)]), np.concatenate([visits, opened]))), (c, len(cost))
    )
    found = linprog(cost, less.tocsr(), most, equal.tocsr(), wanted, method="highs")
    return float(found.fun)


def _windows(groups: _Groups) -> tuple[Array, Array, Array]:
    """Rows and columns of "no inspector comes to a store twice within a window", and their limits."""
    task, (cells, _), (who, cell) = groups.task, groups.cells, groups.variables
    kind, at, month, parts = cells.T
    reach = parts * task.gap + task.strict
    g, total = len(groups.size), 0
    column_of = np.full((len(cells), g), -1)
    column_of[cell, who] = np.arange(len(who))
    rows, columns, limits = [], [], []
    for k in range(len(cells)):  # the window that begins with this cell
        near = (at - at[k] < reach[k]) | (task.calendar & (month - month[k] < task.gap + task.strict))
        inside = np.flatnonzero((kind == kind[k]) & (at >= at[k]) & near)
        block = column_of[inside]
        able = np.flatnonzero(block[0] >= 0)
        columns.append(block[:, able].ravel())
        rows.append(np.tile(total + np.arange(len(able)), len(inside)))
        limits.append(groups.pairs[kind[k], able])
        total += len(able)
    if task.by_area:  # in one month of a window at most, and no more visits than a month holds
        area = task.area[groups.first_store[kind]]
        most = groups.size * task.capacity[groups.first_who].max(axis=1)
        for a, m in np.unique(np.column_stack([area, month]), axis=0):
            inside = (area[cell] == a) & (month[cell] >= m) & (month[cell] < m + task.gap + task.strict)
            able, row = np.unique(who[inside], return_inverse=True)
            columns.append(np.flatnonzero(inside))
            rows.append(total + row)
            limits.append(most[able])
            total += len(able)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(limits)


def best_of_small(task: Task, nodes: int = 100) -> tuple[Array, float] | None:
    """The best roster of a small plan and what no plan can beat, slots left open at 10,000 each; None if it is not small.

    All is one integer programme: a 0/1 variable for each slot and inspector, one for each slot left open, and for each
    inspector, area and month where rotation holds for areas. The search ends after so many nodes, not after some time, so that
    the same plan comes out on any machine.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    slot, who = np.nonzero(task.allowed[task.store] & ~task.closed)
    if len(slot) > _SMALL / (1 + task.by_area):
        return None
    rows, columns, values, low, high = _integer_rows(task, slot, who)
    i, months, r = *task.capacity.shape, len(task.store)
    cost = np.concatenate(
        [task.travel[task.store[slot], who], _OPEN_COST * (2 - task.rank), np.full(i * months, task.over)]
    )
    width = max(len(cost), int(columns.max()) + 1)
    cost = np.concatenate([cost, np.zeros(width - len(cost))])
    table = coo_array((values, (rows, columns)), (len(low), width)).tocsr()
    whole = np.ones(width)
    whole[len(slot) + r : len(slot) + r + i * months] = 0
    top = np.where(whole > 0, 1.0, np.inf)
    found = milp(cost, constraints=LinearConstraint(table, low, high), integrality=whole, bounds=Bounds(0, top),
                 options={"node_limit": nodes, "mip_rel_gap": 0.0})  # fmt: skip
    if found.x is None:
        return None
    given = np.full(r, OPEN)
    chosen = found.x[: len(slot)] > 0.5
    given[slot[chosen]] = who[chosen]
    return given, float(found.mip_dual_bound)


def whole_cost(task: Task, given: Array) -> float:
    """The cost of a roster as :func:`best_of_small` reckons it."""
    return task.cost(given) + float(_OPEN_COST * (2 - task.rank[given < 0]).sum())


def _integer_rows(task: Task, slot: Array, who: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Rows, columns, values, least and most of the integer programme."""
    v, r, (i, months) = len(slot), len(task.store), task.capacity.shape
    parts: list[tuple[Array, Array, Array]] = []
    low: list[float] = []
    high: list[float] = []

    def add(columns: Array, values: Array, rows: Array, least: Array, most: Array) -> None:
        parts.append((rows + len(high), columns, values))
        low.extend(least)
        high.extend(most)

    every, loads = np.arange(v), who * months + task.month[slot]
    add(
        np.concatenate([every, v + np.arange(r)]),
        np.ones(v + r),
        np.concatenate([slot, np.arange(r)]),
        np.ones(r),
        np.ones(r),
    )
    none = np.full(i * months, -np.inf)
    add(every, np.ones(v), loads, none, task.capacity.ravel())
    above = v + r + np.arange(i * months)
    add(np.concatenate([every, above]), np.concatenate([np.ones(v), -np.ones(i * months)]),
        np.concatenate([loads, np.arange(i * months)]), none, task.share.ravel())  # fmt: skip
    column = np.full((r, i), -1)
    column[slot, who] = every
    for slots in task.of_store:
        for k, first in enumerate(slots):
            window = [b for b in slots[k:] if task.near(np.array([first]), np.array([b]))[0]]
            block = column[window]
            for able in np.flatnonzero((block >= 0).sum(axis=0) > 1):
                inside = block[block[:, able] >= 0, able]
                add(inside, np.ones(len(inside)), np.zeros(len(inside), int), np.array([-np.inf]), np.array([1.0]))
    if task.by_area:
        _add_areas(task, slot, who, v + r + i * months, add)
    rows, columns, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    return rows, columns, values, np.array(low), np.array(high)


def _add_areas(task: Task, slot: Array, who: Array, start: int, add: Any) -> None:
    """Rotation between areas: an inspector is in an area in one month of each window."""
    areas, months = int(task.area.max()) + 1, task.capacity.shape[1]
    stay = start + (who * areas + task.area[task.store[slot]]) * months + task.month[slot]
    v = len(slot)
    add(np.concatenate([np.arange(v), stay]), np.concatenate([np.ones(v), -np.ones(v)]), np.tile(np.arange(v), 2),
        np.full(v, -np.inf), np.zeros(v))  # fmt: skip
    for first in np.unique((stay - start) // months) * months:
        for m in range(months):
            window = start + first + np.arange(m, min(m + task.gap + task.strict, months))
            add(window, np.ones(len(window)), np.zeros(len(window), int), np.array([-np.inf]), np.array([1.0]))


def inspectors_wanting(task: Task, travel: Array, capacity: int) -> Array | None:
    """(h,) fewest new inspectors by home area, so that (in the relaxed plan) no slot stays open; None if none helps.

    Parameters
    ----------
    task : the plan
    travel : (h, s) way of a new inspector of each area to every store; infinite where they may not go
    capacity : visits that each makes in a month
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    h, months = len(travel), task.capacity.shape[1]
    may = np.isfinite(travel)
    wide = replace(
        task, allowed=np.hstack([task.allowed, may.T]), travel=np.hstack([task.travel, np.where(may, travel, 0.0).T]),
        closed=np.zeros((len(task.store), len(task.capacity) + h), dtype=bool),
        capacity=np.vstack([task.capacity, np.full((h, months), capacity)]), share=np.zeros((len(task.capacity) + h, months), int),
    )  # fmt: skip
    groups = groups_of(wide)
    who_of = np.concatenate([groups.who_of[:-h], groups.who_of.max() + 1 + np.arange(h)])
    groups = _Groups(wide, groups.kind_of, np.unique(who_of, return_inverse=True)[1])
    new = groups.who_of[-h:]
    (cells, wanted), (who, cell) = groups.cells, groups.variables
    v, g, c = len(who), len(groups.size), len(cells)
    count = np.full(g, -1)
    count[new] = v + np.arange(h)
    limit_capacity = (wide.capacity[groups.first_who] * groups.size[:, None]).astype(float)
    row, column, limit = _windows(groups)
    owner = np.zeros(len(limit), dtype=int)
    owner[row] = who[column]
    base = g * months
    rows, columns, values = (
        [who * months + cells[cell, 2], base + row],
        [np.arange(v), column],
        [np.ones(v), np.ones(len(row))],
    )
    most = np.concatenate([limit_capacity.ravel(), limit.astype(float)])
    for flat, owners in ((np.arange(base), np.repeat(np.arange(g), months)), (base + np.arange(len(limit)), owner)):
        scaled = flat[count[owners] >= 0]
        rows.append(scaled)
        columns.append(count[owners[count[owners] >= 0]])
        values.append(-most[scaled])
    free = np.unique(np.concatenate(rows[2:]))
    most = most.copy()
    most[free] = 0.0
    less = coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (len(most), v + h))
    equal = coo_array((np.ones(v), (cell, np.arange(v))), (c, v + h))
    cost = np.concatenate([np.zeros(v), np.ones(h) + 1e-6 * np.arange(h)])
    found = milp(cost, constraints=[LinearConstraint(less.tocsr(), -np.inf, most), LinearConstraint(equal.tocsr(), wanted, wanted)],
                 integrality=(np.arange(v + h) >= v).astype(int), bounds=Bounds(0, np.inf), options={"node_limit": 200})  # fmt: skip
    return None if found.x is None else np.round(found.x[v:]).astype(int)
