"""Months, their parts and open days: when may a visit be, and from when on is the same inspector welcome again?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from survey_design.errors import SpecError

Array = NDArray[Any]
_DAY = np.timedelta64(1, "D")
_MONTH = re.compile(r"\d{4}[-/]\d{1,2}([-/]\d{1,2})?")
_DATES = (date, np.datetime64, pd.Period)  # a Timestamp is a date


def add_months(dates: ArrayLike, months: ArrayLike) -> Array:
    """Dates some calendar months later; where that month has no such day, its last.

    >>> add_months(["2026-01-15", "2026-11-30"], 3).astype(str).tolist()
    ['2026-04-15', '2027-02-28']
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    month = days.astype("datetime64[M]")
    later = month + np.asarray(months, dtype="timedelta64[M]")
    last = (later + np.timedelta64(1, "M")).astype("datetime64[D]") - _DAY
    return np.minimum(later.astype("datetime64[D]") + (days - month.astype("datetime64[D]")), last)


def welcome_from(dates: ArrayLike, gap_months: int, strict: bool) -> Array:
    """First date on which an inspector may be back: ``gap_months`` later, a day more if it must be more than that.

    >>> welcome_from("2026-01-15", 3, True).astype(str), welcome_from("2026-01-15", 3, False).astype(str)
    (np.str_('2026-04-16'), np.str_('2026-04-15'))
    """
    return add_months(dates, gap_months) + (_DAY if strict else 0 * _DAY)


def part_of_month(month: Any, part: int, parts: int) -> tuple[Any, Any]:
    """First and last day of a part of a month. All months are cut at the same days: 15 for halves, 10 and 20 for thirds.

    So a visit in the next part three months later is always more than three months later.

    >>> [str(day) for day in part_of_month(np.datetime64("2026-02"), 1, 2)]
    ['2026-02-16', '2026-02-28']
    """
    whole: Any = np.asarray(month, dtype="datetime64[M]")
    first = whole.astype("datetime64[D]")
    end = (whole + 1).astype("datetime64[D]") - _DAY
    last = end if part == parts - 1 else first + np.timedelta64(30 * (part + 1) // parts - 1, "D")
    return first + np.timedelta64(30 * part // parts, "D"), last


def first_month(start: Any, name: str = "start") -> Any:
    """The month in which a plan starts; ``start`` is a month ("2027-01"), or a date: the first day of one.

    The year must be told: "January" is no month.

    >>> str(first_month("2027-01-01"))
    '2027-01'
    """
    told = _MONTH.fullmatch(start.strip()) is not None if isinstance(start, str) else isinstance(start, _DATES)
    moment = (
        pd.to_datetime(start.to_timestamp() if isinstance(start, pd.Period) else start, errors="coerce")
        if told
        else pd.NaT
    )
    if not isinstance(moment, pd.Timestamp):
        raise SpecError(
            f"{name}={start!r} is no date with year and month. Give the month, as '2027-01', or its first day, '2027-01-01'."
        )
    if moment.day != 1:
        raise SpecError(f"{name}={start!r}: visits are planned by calendar months. Give the first day of a month, such as "
                        f"'{moment.strftime('%Y-%m')}-01'.")  # fmt: skip
    return moment.to_datetime64().astype("datetime64[M]")


def read_days(days: Sequence[Any], name: str) -> Array:
    """Dates as days, sorted; what is no date is named.

    >>> read_days(["2027/1/1", "2027年2月6日"], "holidays").astype(str).tolist()
    ['2027-01-01', '2027-02-06']
    """
    from survey_design.files.days import days_in

    moments = days_in(days)
    wrong = [day for day, unread in zip(days, moments.isna(), strict=True) if unread]
    if wrong:
        raise SpecError(
            f"{name}: {', '.join(repr(day) for day in wrong[:5])} can't be read as dates. Write them as '2027-01-01'."
        )
    return np.unique(moments.to_numpy().astype("datetime64[D]"))


def open_days(first: Any, last: Any, closed: Array, weekdays: Sequence[int] = ()) -> Array:
    """The days from first to last that are neither closed nor one of the closed weekdays (0 Monday, 6 Sunday).

    >>> days = open_days(
    ...     np.datetime64("2027-01-01"), np.datetime64("2027-01-04"), np.array(["2027-01-01"], "M8[D]"), [6]
    ... )
    >>> days.astype(str).tolist()
    ['2027-01-02', '2027-01-04']
    """
    days = np.arange(first, last + _DAY, dtype="datetime64[D]")
    return days[~np.isin(days, closed) & ~np.isin(weekday(days), list(weekdays))]


def weekday(days: ArrayLike) -> Array:
    """0 for Monday to 6 for Sunday.

    >>> weekday(["2027-01-04", "2027-01-10"]).tolist()
    [0, 6]
    """
    return (np.asarray(days, dtype="datetime64[D]").astype(int) + 3) % 7
