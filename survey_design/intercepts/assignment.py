"""Who works which block? Interviewers with time for the way between stores, and days that end.

Chances are fixed before: whoever stands at a door, the same leavers are picked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]
Day = list["_Turn"]

_TWO_REGIONS, _HURRIED, _LONG = 1e9, 1e7, 1e5  # worst first; what is merely better costs less than any of them
_NOT_THE_SAME, _ELSEWHERE = 1e3, 1e2


@dataclass(frozen=True)
class _Turn:
    """A block as far as an interviewer's day is concerned."""

    store: str
    region: str
    start: int
    end: int


def assigned(frame: pd.DataFrame, names: Sequence[str], travel: float, hours: float) -> list[str]:
    """(b,) an interviewer for every block, nobody at two places at once.

    Parameters
    ----------
    frame : drawn blocks with ``store, day, start, end, slot`` and, where known, ``region``
    names : interviewers, no fewer than blocks at any time
    travel : least hours between two blocks at different stores on a day
    hours : most hours of an interviewer on a day

    Notes
    -----
    Time by time, the blocks of that time are shared out so that the sum of costs is least (an assignment problem). It costs
    most to send somebody to two regions on a day, then to leave too little time for the way, then to exceed the hours.
    Among what is left, the interviewer who was at the store that day comes first, then one of the region, then the one with
    least work, and of equals the one named first.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "store": ["A", "B", "C"],
    ...         "day": "2026-03-06",
    ...         "start": [10, 12, 14],
    ...         "end": [12, 14, 16],
    ...         "slot": [0, 1, 2],
    ...     }
    ... )
    >>> assigned(frame, ["Ana", "Bo"], 1, 8), assigned(frame, ["Ana", "Bo"], 0, 4)
    (['Ana', 'Bo', 'Ana'], ['Ana', 'Bo', 'Ana'])
    """
    from scipy.optimize import linear_sum_assignment

    region = frame["region"].astype(str) if "region" in frame else pd.Series("", index=frame.index)
    turns = [_Turn(*each) for each in zip(frame["store"], region, frame["start"], frame["end"], strict=True)]
    homes = home_regions(region.to_numpy(), (frame["end"] - frame["start"]).to_numpy(), names)
    work, days = np.zeros(len(names)), dict[tuple[int, str], Day]()
    given = [""] * len(frame)
    places = frame.assign(place=np.arange(len(frame))).sort_values(["slot", "store"], kind="stable")
    for _, together in places.groupby("slot", sort=True):
        rows, on = together["place"].to_numpy(), together["day"].astype(str).tolist()
        busy = work / (work.max() + 1) + 1e-6 * np.arange(len(names)) / len(names)
        cost = np.array([[_cost(days.get((i, day), []), turns[row], homes[i], travel, hours) + busy[i]
                          for i in range(len(names))] for row, day in zip(rows, on, strict=True)])  # fmt: skip
        for j, i in zip(*linear_sum_assignment(cost), strict=True):
            row = int(rows[j])
            given[row] = names[i]
            days.setdefault((int(i), on[j]), []).append(turns[row])
            work[i] += turns[row].end - turns[row].start
    return given


def home_regions(region: Array, hours: Array, names: Sequence[str]) -> list[str]:
    """(interviewers,) where each belongs: shared out by hours of work, one to each region as far as they go.

    >>> home_regions(np.array(["N", "S", "S"]), np.array([2, 2, 2]), ["Ana", "Bo", "Cy"])
    ['N', 'S', 'S']
    """
    load = {str(name): float(hours[region == name].sum()) for name in np.unique(region)}
    shared = dict.fromkeys(sorted(load), 0)
    for _ in names:  # next to the region with most work per interviewer; those without any come first
        neediest = min(shared, key=lambda name: (shared[name] > 0, -load[name] / (shared[name] + 1), name))
        shared[neediest] += 1
    return [name for name, count in shared.items() for _ in range(count)]


def strained_days(frame: pd.DataFrame, travel: float, hours: float) -> tuple[list[tuple[str, str]], ...]:
    """Interviewers and days with too little time for the way, with too many hours, and in two regions."""
    found: tuple[list[tuple[str, str]], ...] = ([], [], [])
    region = frame["region"].astype(str) if "region" in frame else [""] * len(frame)
    days: dict[tuple[str, str], Day] = {}
    for who, day, *turn in zip(frame["interviewer"], frame["day"], frame["store"], region, frame["start"], frame["end"],
                               strict=True):  # fmt: skip
        days.setdefault((str(who), str(day)), []).append(_Turn(*turn))
    for key in sorted(days):
        turns = sorted(days[key], key=lambda turn: turn.start)
        faults = (
            any(a.store != b.store and b.start - a.end < travel for a, b in pairwise(turns)),
            sum(turn.end - turn.start for turn in turns) > hours,
            len({turn.region for turn in turns}) > 1,
        )
        for listed, fault in zip(found, faults, strict=True):
            if fault:
                listed.append(key)
    return found


def _cost(before: Day, turn: _Turn, home: str, travel: float, hours: float) -> float:
    """What it costs to add a block to an interviewer's day; blocks come in the order of time."""
    cost = _ELSEWHERE * (turn.region != home)
    if not before:
        return cost + _NOT_THE_SAME
    last = before[-1]
    worked = sum(each.end - each.start for each in before) + turn.end - turn.start
    cost += _TWO_REGIONS * any(each.region != turn.region for each in before)
    cost += _HURRIED * (last.store != turn.store and turn.start - last.end < travel)
    cost += _LONG * max(0.0, worked - hours)
    return cost + _NOT_THE_SAME * (last.store != turn.store)
