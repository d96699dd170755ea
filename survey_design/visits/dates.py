"""On which day and at what time of day is each visit made?

Each inspector's month is laid out at once: areas one after the other, beginning with the one of the most important store,
weekdays as evenly as can be for every store over the year. Inspectors begin at different days, and prefer days that others have
left free, so that the visits of a month spread over it. Then a month's times of day are shared out together: as many mornings as
afternoons in every month, and at every store over the year; which comes when is drawn, so that no store can foresee it.
Blind second visits follow within a few days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from survey_design.visits.months import open_days, part_of_month, weekday, welcome_from
from survey_design.visits.roster import OPEN, Task

Array = NDArray[Any]
_OUT = 1e9
_WEEKDAY = 5.0  # price of a weekday that a store has seen once more than another, in days away from the even place
_CROWD = 0.5  # price of a day for each visit of others above the least busy day, in the same unit
_MONTH, _STORE = 1e3, 10.0  # prices of an uneven month and an uneven store; a weekday's time costs 1, chance less
NO_DATE = np.datetime64("NaT", "D")


@dataclass(frozen=True, eq=False)
class Days:
    """When visits can be.

    Attributes
    ----------
    start : first month
    closed : days on which nobody visits
    weekdays : (s,) closed weekdays of every store
    per_day : visits of an inspector on a day
    times : number of parts of the day
    apart : most days between a visit and its blind second
    """

    start: np.datetime64
    closed: Array
    weekdays: Sequence[tuple[int, ...]]
    per_day: int
    times: int
    apart: int

    def of(self, store: int, month: int, part: int, parts: int) -> Array:
        """The open days of a slot."""
        return open_days(*part_of_month(self.start + month, part, parts), self.closed, self.weekdays[store])


def give_dates(task: Task, given: Array, days: Days, place: Array, generator: Generator) -> tuple[Array, Array]:
    """(r,) date and time of day of every slot that has an inspector; no date where no day is left.

    Parameters
    ----------
    task, given : the roster
    days : when visits can be
    place : (s,) priority of the stores, 0 first
    generator : where inspectors begin, and which of the times of day that are as good
    """
    dates, times = np.full(len(given), NO_DATE), np.full(len(given), -1)
    slot_days = [days.of(*each) for each in zip(task.store, task.month, task.part, task.parts, strict=True)]
    latest = _latest(task, given, slot_days)
    used, seen = np.zeros((len(task.area), 7, days.times)), np.zeros((len(task.area), 7))
    for slots in task.of_month:
        rows = slots[(given[slots] >= 0) & ~task.again[slots]]
        people, busy = generator.permutation(np.unique(given[rows])), dict[Any, int]()
        for turn, who in enumerate(people):
            mine = rows[given[rows] == who]
            mine = mine[np.lexsort((place[task.store[mine]], _trip(task, mine, place), task.part[mine]))]
            able = [_able(task, given, dates, slot_days, latest, slot) for slot in mine]
            dates[mine] = _laid_out(task, mine, able, days.per_day, seen, busy, (turn + 0.5) / len(people))
            for slot in mine[~np.isnat(dates[mine])]:
                seen[task.store[slot], weekday(dates[slot])] += 1
                busy[dates[slot]] = busy.get(dates[slot], 0) + 1
        _give_times(task, given, rows[~np.isnat(dates[rows])], dates, times, used, generator)
        _second_visits(
            task, given, slots[task.again[slots] & (given[slots] >= 0)], slot_days, days, (dates, times), latest
        )
    return dates, times


def _trip(task: Task, rows: Array, place: Array) -> Array:
    """(rows,) when the area of each row comes: in the order of its most important store there."""
    areas, stores = task.area[task.store[rows]], place[task.store[rows]]
    return np.array([stores[areas == area].min() for area in areas])


def _touching(task: Task, slot: int) -> Array:
    """The slots of the same store exactly ``gap`` months later: there dates decide, unless more than that is asked for."""
    same = task.of_store[task.store[slot]]
    return same[(task.month[same] == task.month[slot] + task.gap) & (task.part[same] == task.part[slot])]


def _latest(task: Task, given: Array, slot_days: list[Array]) -> Array:
    """(r,) last day of a slot that leaves its inspector a day when he or she is back exactly ``gap`` months later."""
    latest = np.array([days[-1] if len(days) else NO_DATE for days in slot_days])
    if task.strict:
        return latest
    for slot in np.argsort(-task.month, kind="stable"):
        for later in _touching(task, slot):
            if given[slot] != OPEN and given[later] == given[slot] and not np.isnat(latest[later]):
                fits = slot_days[slot][welcome_from(slot_days[slot], task.gap, task.strict) <= latest[later]]
                latest[slot] = min(latest[slot], fits[-1]) if len(fits) else latest[slot]
    return latest


def _able(task: Task, given: Array, dates: Array, slot_days: list[Array], latest: Array, slot: int) -> Array:
    """Days that a slot may have, beside earlier visits of the same inspector."""
    able = slot_days[slot][slot_days[slot] <= latest[slot]]
    same = task.of_store[task.store[slot]]
    before = same[(given[same] == given[slot]) & (task.month[same] < task.month[slot]) & ~np.isnat(dates[same])]
    return able[able >= welcome_from(dates[before], task.gap, task.strict).max()] if len(before) else able


def _laid_out(task: Task, rows: Array, able: list[Array], per_day: int, seen: Array, busy: Mapping[Any, int],
              begin: float) -> Array:  # fmt: skip
    """Dates of an inspector's visits in a month, which come in the order wanted; an assignment problem.

    ``begin`` from 0 to 1 says where in the first of equal steps through the month the inspector begins.
    """
    from scipy.optimize import linear_sum_assignment

    dates = np.full(len(rows), NO_DATE)
    calendar = np.unique(np.concatenate(able))
    if not len(calendar):
        return dates
    day = np.repeat(np.arange(len(calendar)), per_day)
    cost = np.full((len(rows), len(day)), _OUT)
    wanted = (np.arange(len(rows)) + begin) / len(rows) * len(calendar)
    on, others = weekday(calendar), np.array([busy.get(each, 0) for each in calendar])
    for k, row in enumerate(rows):
        own = np.isin(calendar, able[k])
        count = seen[task.store[row]]
        price = abs(np.arange(len(calendar)) + 0.5 - wanted[k]) + _WEEKDAY * (count[on] - count.min())
        price += _CROWD * (others - others.min())
        cost[k] = np.where(own, price, _OUT)[day]
    row, column = linear_sum_assignment(cost)
    found = cost[row, column] < _OUT
    dates[row[found]] = calendar[day[column[found]]]
    return dates


def _give_times(
    task: Task, given: Array, rows: Array, dates: Array, times: Array, used: Array, generator: Generator
) -> None:
    """Times of day of a month's visits, one part of the month after the other; ``times`` and ``used`` are written."""
    n_times, so_far = used.shape[2], np.zeros(used.shape[2], dtype=int)
    for part in np.unique(task.part[rows] / task.parts[rows]):
        now = rows[task.part[rows] / task.parts[rows] == part]
        store, on = task.store[now], weekday(dates[now])
        count = used[store].sum(axis=1)
        price = _STORE * (count - count.min(axis=1, keepdims=True)) + used[store, on] + generator.random(count.shape)
        times[now] = _shared_times(price, so_far, used.sum(axis=(0, 1)))
        _apart(given[now], dates[now], times, now, price)
        so_far += np.bincount(times[now], minlength=n_times)
        np.add.at(used, (store, on, times[now]), 1)


def _shared_times(price: Array, so_far: Array, ever: Array) -> Array:
    """(rows,) a time of day for each row: all times as often in a month, as cheap as can be; an assignment problem.

    Where they can't be as often, the times that were rarer before (``ever``) come first.
    """
    from scipy.optimize import linear_sum_assignment

    n, n_times = price.shape
    places = min(n, -(-(n + int(so_far.sum())) // n_times) + 1)
    time = np.tile(np.arange(n_times), places)
    turn = np.repeat(np.arange(places), n_times)
    rarer = _MONTH / 2 * (ever - ever.min()) / (np.ptp(ever) + 1)
    row, column = linear_sum_assignment(price[:, time] + _MONTH * (so_far[time] + turn) + rarer[time])
    taken = np.empty(n, dtype=int)
    taken[row] = time[column]
    return taken


def _apart(who: Array, dates: Array, times: Array, rows: Array, price: Array) -> None:
    """Visits of an inspector on one day get different times, in exchange with somebody else's where that is possible."""
    n_times = price.shape[1]
    days = np.unique(np.column_stack([who, dates.astype(int)]), axis=0, return_inverse=True)[1].ravel()
    load = np.zeros((len(rows), n_times), dtype=int)
    taken = times[rows]
    np.add.at(load, (days, taken), 1)
    for k in np.flatnonzero(np.bincount(days)[days] > 1):
        old, new = taken[k], int(np.lexsort((price[k], load[days[k]]))[0])
        if load[days[k], old] - load[days[k], new] < 2:
            continue
        fits = np.flatnonzero((taken == new) & (days != days[k]) & (load[days, old] == 0))
        if len(fits):
            other = fits[(price[fits, old] - price[fits, new]).argmin()]
            taken[other] = old
            load[days[other], [old, new]] += [1, -1]
        taken[k] = new
        load[days[k], [old, new]] += [-1, 1]
    times[rows] = taken


def _time(used: Array, on: int, taken: Array, times: int) -> int:
    """The part of the day that the store, and the store on this weekday, has seen least, if the inspector is free."""
    busy = np.bincount(taken, minlength=times)[:times]
    return int(np.lexsort((np.arange(times), used[on], used.sum(axis=0), busy))[0])


def _second_visits(task: Task, given: Array, rows: Array, slot_days: list[Array], days: Days, out: tuple[Array, Array],
                   latest: Array) -> None:  # fmt: skip
    """Dates for blind second visits: near the first, never on the same day, as the second inspector has time."""
    dates, times = out
    for slot in rows:
        same = task.of_store[task.store[slot]]
        first = same[(task.position[same] == task.position[slot]) & ~task.again[same]][0]
        if np.isnat(dates[first]):
            continue
        able = _able(task, given, dates, slot_days, latest, slot)
        away = abs((able - dates[first]).astype(int))
        mine = (given == given[slot]) & ~np.isnat(dates)
        full = np.array([(dates[mine] == day).sum() >= days.per_day for day in able], dtype=bool)
        fits = able[(away > 0) & (away <= days.apart) & ~full]
        if len(fits):
            near = [
                not (task.area[task.store[mine & (dates == day)]] == task.area[task.store[slot]]).any() for day in fits
            ]
            best = np.lexsort((abs((fits - dates[first]).astype(int)), near))[0]
            dates[slot], times[slot] = fits[best], times[first]
            taken = times[mine & (dates == fits[best])]
            if (taken == times[first]).any():
                times[slot] = _time(np.zeros((7, days.times)), 0, taken, days.times)
