"""A first roster that repeats itself: the cheapest one there is where all months are alike.

If nobody may be back at a store within L visits, a roster that repeats after L visits keeps the rule as soon as L in a row
do. Such a roster is found without much search: (1) how many of L visits each inspector makes to each group of like stores is
a transport problem; (2) these are split into L positions as evenly as can be (de Werra 1971: a bipartite multigraph has an edge
colouring that splits every degree evenly, for any number of colours); (3) each group's visits are given to its stores, one
inspector for each position, none twice (König 1916: as many colours as the largest degree). Where months or stores
differ (leave, ties, blind second visits) some slots stay open and are filled afterwards.

References
----------
König (1916), Mathematische Annalen 77, 453-465, doi:10.1007/BF01456961.
de Werra (1971), INFOR 9, 68-70.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from survey_design.visits.roster import OPEN, Task

Array = NDArray[Any]
_NOBODY, _NEVER = 1e5, 1e9


def repeating(task: Task, generator: Generator) -> Array:
    """(r,) a roster that repeats; −1 where a slot stays open."""
    kind_of, parts = like_stores(task)
    cycle = parts * (task.gap + task.strict) if task.calendar else parts * task.gap + task.strict
    visits = _totals(task, kind_of, parts, cycle, generator)
    given = np.full(len(task.store), OPEN)
    at = np.full((len(task.area), int(parts.max()) * task.capacity.shape[1]), -1)
    first = np.flatnonzero(~task.again)
    at[task.store[first], task.position[first]] = first
    for k in np.unique(parts):
        kinds = np.flatnonzero(parts == k)
        positions = split_evenly(visits[kinds], int(cycle[kinds[0]]))  # (positions, kinds, i)
        for kind, table in zip(kinds, positions.transpose(1, 2, 0), strict=True):
            stores = np.flatnonzero(kind_of == kind)
            lines = _matched(task, stores, _lines(table, len(stores), generator))
            for store, line in zip(stores, lines, strict=True):
                slots = at[store][at[store] >= 0]
                given[slots] = line[task.position[slots] % len(line)]
    return _kept(task, given)


def like_stores(task: Task) -> tuple[Array, Array]:
    """(s,) group of every store: as many visits a month, as far from everybody; (groups,) visits a month."""
    parts = np.ones(len(task.area), dtype=int)
    parts[task.store] = task.parts
    kind = np.unique(np.column_stack([parts, task.area, task.travel]), axis=0, return_inverse=True)[1].ravel()
    return kind, np.array([parts[kind == each][0] for each in range(kind.max() + 1)])


def _totals(task: Task, kind_of: Array, parts: Array, cycle: Array, generator: Generator) -> Array:
    """(kinds, i) visits of each inspector to each group in its cycle, at least cost: whole numbers."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    kinds, i = len(parts), len(task.capacity)
    pairs = np.zeros((kinds, i))
    np.add.at(pairs, kind_of, task.allowed)
    first = np.unique(kind_of, return_index=True)[1]
    rate = parts / cycle  # of visits in a cycle, those of a month
    share = task.share.mean(axis=1)
    kind, who = np.divmod(np.arange(kinds * i), i)
    n = kinds * i
    travel = task.travel[first].ravel() + 1e-6 * generator.random(n)
    cost = np.concatenate([travel * rate[kind], _NOBODY * rate, np.full(i, task.over)])
    less = coo_array((np.concatenate([rate[kind], -np.ones(i)]), (np.concatenate([who, np.arange(i)]),
                      np.concatenate([np.arange(n), n + kinds + np.arange(i)]))), (i, len(cost)))  # fmt: skip
    equal = coo_array(
        (np.ones(n + kinds), (np.concatenate([kind, np.arange(kinds)]), np.arange(n + kinds))), (kinds, len(cost))
    )
    wanted = np.bincount(kind_of) * cycle
    most = np.concatenate([pairs.ravel(), wanted, np.maximum(task.capacity.mean(axis=1) - share, 0)])
    found = milp(cost, constraints=[LinearConstraint(less.tocsr(), -np.inf, share), LinearConstraint(equal.tocsr(), wanted, wanted)],
                 integrality=(np.arange(len(cost)) < n + kinds).astype(int), bounds=Bounds(0, most),
                 options={"mip_rel_gap": 2e-3, "node_limit": 2000})  # fmt: skip
    return np.round(found.x[:n]).astype(int).reshape(kinds, i)


def split_evenly(visits: Array, parts: int) -> Array:
    """(parts, rows, columns) a table of whole numbers split so that each cell, row and column falls into parts that differ by 1.

    >>> halves = split_evenly(np.array([[3, 1], [0, 2]]), 2)
    >>> halves.sum(axis=0).tolist(), sorted(halves.sum(axis=(1, 2)).tolist()), halves.sum(axis=2).max(axis=0).tolist()
    ([[3, 1], [0, 2]], [3, 3], [2, 1])
    """
    rest, taken = visits.copy(), []
    for left in range(parts, 1, -1):
        taken.append(_even_part(rest, left))
        rest = rest - taken[-1]
    return np.array([*taken, rest])


def _even_part(table: Array, parts: int) -> Array:
    """One of so many even parts: a flow between bounds, so that the linear programme has a whole solution."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, vstack

    rows, columns = np.nonzero(table)
    cells = table[rows, columns]
    v = np.arange(len(cells))
    if not len(v):
        return np.zeros_like(table)
    sums = [
        coo_array((np.ones(len(v)), (axis, v)), (size, len(v)))
        for axis, size in zip((rows, columns), table.shape, strict=True)
    ]
    total = np.concatenate([table.sum(axis=1), table.sum(axis=0)])
    less = vstack([*sums, *(-each for each in sums)]).tocsr()
    limits = np.concatenate([-(-total // parts), -(total // parts)])
    bounds = np.column_stack([cells // parts, -(-cells // parts)])
    found = linprog(np.zeros(len(v)), less, limits, bounds=bounds, method="highs-ds")
    part = np.zeros_like(table)
    part[rows, columns] = np.round(found.x).astype(int)
    return part


def _lines(visits: Array, stores: int, generator: Generator) -> Array:
    """(stores, positions) visits (i, positions) given to stores, no inspector twice to one; −1 for nobody.

    Inspectors and positions with as many visits left as there are stores are in every line.
    """
    from scipy.optimize import linear_sum_assignment

    left = visits.copy()
    lines = np.full((stores, visits.shape[1]), OPEN)
    for line in range(stores):
        togo = stores - line
        urgent = (left.sum(axis=1) >= togo)[None, :] * 1.0 + (left.sum(axis=0) >= togo)[:, None]
        cost = np.where(left.T > 0, -1.0 - 100 * urgent + 0.1 * generator.random(left.T.shape), _NEVER)
        none = np.zeros((visits.shape[1], visits.shape[1]))
        position, who = linear_sum_assignment(np.hstack([cost, none]))
        inside = who < len(left)
        lines[line, position[inside]] = who[inside]
        left[who[inside], position[inside]] -= 1
    return lines


def _matched(task: Task, stores: Array, lines: Array) -> Array:
    """The lines in an order in which as few as can be meet a store they may not visit; these visits are left open."""
    from scipy.optimize import linear_sum_assignment

    barred = ~task.allowed[stores]
    clash = np.array([barred[:, line[line >= 0]].sum(axis=1) for line in lines]).T
    ordered = lines[linear_sum_assignment(clash)[1]]
    return np.where((ordered >= 0) & barred[np.arange(len(stores))[:, None], ordered], OPEN, ordered)


def _kept(task: Task, given: Array) -> Array:
    """The roster without visits that past visits close and those above capacity, the least important first."""
    rows = np.arange(len(given))
    given = np.where((given >= 0) & task.closed[rows, given], OPEN, given)
    load = np.zeros_like(task.capacity)
    for row in np.argsort(task.rank, kind="stable"):
        who, month = given[row], task.month[row]
        if who >= 0 and load[who, month] >= task.capacity[who, month]:
            given[row] = OPEN
        elif who >= 0:
            load[who, month] += 1
    return given


def in_teams(task: Task) -> Array:
    """(r, i) who is not of the team whose turn it is: teams go round the areas, so that rotation holds for areas.

    With L months of rest there are L teams; area a gets team (a + month) mod L. Neighbours are spread over the teams.
    """
    teams = task.gap + task.strict
    order = np.lexsort(task.travel)
    team = np.empty(len(task.capacity), dtype=int)
    team[order] = np.arange(len(order)) % teams
    wanted = np.bincount(task.area[task.store])
    turn = np.empty(len(wanted), dtype=int)
    turn[np.argsort(-wanted, kind="stable")] = np.arange(len(wanted)) % teams
    return team[None, :] != ((turn[task.area[task.store]] + task.month) % teams)[:, None]
