"""When are the stores open, and how many leave? An hourly table of leavers becomes time blocks, checked row by row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_columns

Array = NDArray[Any]
FOOTFALL_COLUMNS = ("store", "day", "hour", "leavers")
_SHOWN = 5
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")

_ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAYS: Mapping[str, int] = {
    **{name: k for k, name in enumerate(_ENGLISH)},
    **{name[:3]: k for k, name in enumerate(_ENGLISH)},
    **{f"{head}{day}": k for head in ("周", "星期") for k, day in enumerate("一二三四五六日")},
    "星期天": 6,
    "周天": 6,
    **{str(k + 1): k for k in range(7)},
}


def hourly_footfall(footfall: pd.DataFrame, days: Sequence[Any] | None) -> pd.DataFrame:
    """The checked hourly table: ``store, day, hour, leavers, row``, dates as ISO texts, sorted.

    ``row`` counts as a spreadsheet does (the header is row 1). With ``days`` the table describes a typical week, and
    each of these dates takes the footfall of its weekday.
    """
    check_columns(FOOTFALL_COLUMNS, footfall.columns, "footfall")
    hourly = footfall[list(FOOTFALL_COLUMNS)].reset_index(drop=True)
    hourly["row"] = np.arange(2, len(hourly) + 2)
    if hourly.empty:
        raise DataError("footfall has no rows. Give one row per store, day and hour with the number of leavers.")
    _check_cells(hourly)
    hourly["store"] = hourly["store"].astype(str)
    hourly["hour"] = hourly["hour"].astype(int)
    hourly["leavers"] = hourly["leavers"].astype(float)
    hourly = _dated(hourly, days)
    _check_hours(hourly)
    return hourly.sort_values(["store", "day", "hour"], kind="stable", ignore_index=True)


def time_blocks(hourly: pd.DataFrame, block_hours: int) -> pd.DataFrame:
    """One row per store, day and block: ``store, day, start, end, hours, leavers, slot``.

    Blocks of all stores begin at the same hours, counted from the earliest opening hour, so that two blocks either have
    the same time (``slot``) or none in common. A block of a store that opens later or closes earlier is shorter.
    """
    first = int(hourly["hour"].min())
    of_day = (hourly["hour"] - first) // block_hours
    keys = [hourly["store"], hourly["day"], of_day.rename("part")]
    grouped = hourly.groupby(keys, sort=True)
    blocks = grouped.agg(start=("hour", "min"), end=("hour", "max"), hours=("hour", "size"),
                         leavers=("leavers", "sum"), row=("row", "min")).reset_index()  # fmt: skip
    blocks["end"] += 1
    empty = blocks[blocks["leavers"] <= 0]
    if len(empty):
        _refuse(empty, "leavers", "nobody leaves in this block", "time blocks of the footfall have no leavers",
                "Take these hours out if the store is closed, or give the least number that can be expected: "
                "nobody can be drawn there.")  # fmt: skip
    times = blocks[["day", "part"]].drop_duplicates().sort_values(["day", "part"], ignore_index=True)
    times["slot"] = np.arange(len(times))
    return blocks.merge(times, on=["day", "part"], how="left").drop(columns=["part", "row"])


def weekday_of(day: str) -> int:
    """Monday is 0; −1 where a day is neither a date nor the name of a weekday.

    >>> weekday_of("2026-03-07"), weekday_of("周六"), weekday_of("day 3")
    (5, 5, -1)
    """
    named = _WEEKDAYS.get(day.strip().casefold())
    if named is not None:
        return named
    if not _ISO.fullmatch(day):
        return -1
    try:
        return date.fromisoformat(day).weekday()
    except ValueError:  # 30 February is no date
        return -1


def _as_dates(day: pd.Series) -> pd.Series | None:
    """The days as dates, None unless all of them are."""
    if not pd.api.types.is_datetime64_any_dtype(day):
        texts = day.astype(str)
        if not texts.str.fullmatch(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ T]00:00:00)?").all():
            return None
        day = texts.str.replace("/", "-", regex=False).str.slice(0, 10)
    dates = pd.to_datetime(day, errors="coerce")
    return None if dates.isna().any() else dates


def _check_cells(hourly: pd.DataFrame) -> None:
    """Every cell holds what it should; all faults at once."""
    leavers, hour = (pd.to_numeric(hourly[name], errors="coerce") for name in ("leavers", "hour"))
    faults = {
        ("store", "no store"): hourly["store"].isna(),
        ("day", "no day"): hourly["day"].isna(),
        ("hour", "not a whole hour from 0 to 23"): ~hour.isin(range(24)),
        ("leavers", "not a number"): ~np.isfinite(leavers),
        ("leavers", "below 0"): leavers < 0,
    }
    found = [_cases(hourly[bad], column, problem) for (column, problem), bad in faults.items() if bad.any()]
    if found:
        cases = pd.concat(found, ignore_index=True)
        kinds = "; ".join(f"{column}: {problem}" for column, problem in
                          dict.fromkeys(zip(cases["column"], cases["problem"], strict=True)))  # fmt: skip
        raise DataError(f"footfall has {len(cases)} cells that cannot be used ({kinds}), rows {_rows(cases['row'])}. "
                        "Correct the table: one row per store, day and hour, leavers as a number.", cases)  # fmt: skip


def _dated(hourly: pd.DataFrame, days: Sequence[Any] | None) -> pd.DataFrame:
    """Days as texts that sort in time; a typical week is laid over the days of the field."""
    if days is None:
        dates = _as_dates(hourly["day"])
        if dates is not None:
            return hourly.assign(day=dates.dt.strftime("%Y-%m-%d"))
        names = hourly["day"].astype(str)
        weekdays = names.str.strip().str.casefold().map(_WEEKDAYS)
        return hourly.assign(day=names if weekdays.isna().any() else _named_weekdays(weekdays))
    field = _as_dates(pd.Series(list(days), dtype=object))
    if field is None or field.empty:
        raise SpecError("days must be dates such as '2026-03-07', the days of the field, each once.")
    weekdays = hourly["day"].astype(str).str.strip().str.casefold().map(_WEEKDAYS)
    unknown = hourly[weekdays.isna()]
    if len(unknown):
        _refuse(unknown, "day", "not a weekday", "days of the footfall are not weekdays, though days= was given",
                "Name weekdays (Mon … Sun, 周一 … 周日, 1 … 7), or give dates in the table and leave days out.")  # fmt: skip
    chosen = pd.DataFrame({"day": field.dt.strftime("%Y-%m-%d"), "weekday": field.dt.day_of_week}).drop_duplicates()
    laid = hourly.drop(columns="day").assign(weekday=weekdays.astype(int)).merge(chosen, on="weekday")
    bare = sorted(set(chosen["weekday"]) - set(laid["weekday"]))
    if bare:
        named = ", ".join(_ENGLISH[k].capitalize() for k in bare)
        raise DataError(f"footfall has no row for {named}, on which days of the field fall. "
                        "Add that weekday's hours, or take its dates out of days.")  # fmt: skip
    return laid.drop(columns="weekday")


def _named_weekdays(weekdays: pd.Series) -> pd.Series:
    """Weekdays as texts that sort from Monday to Sunday."""
    return (weekdays.astype(int) + 1).astype(str)


def _check_hours(hourly: pd.DataFrame) -> None:
    """Each hour once, and none missing between the first and the last of a store's day."""
    keys = ["store", "day", "hour"]
    twice = hourly[hourly.duplicated(keys, keep=False)]
    if len(twice):
        _refuse(twice, "hour", "the same store, day and hour more than once", "rows of the footfall say the same hour",
                "Keep one row per store, day and hour (add up doors of one store).")  # fmt: skip
    span = hourly.groupby(["store", "day"])["hour"].agg(["min", "max", "size"])
    short = span[span["max"] - span["min"] + 1 > span["size"]]
    if len(short):
        missing = [
            (store, day, hour)
            for (store, day), (low, high, _) in zip(short.index, short.to_numpy(), strict=True)
            for hour in sorted(set(range(low, high + 1)) - _hours_of(hourly, store, day))
        ]
        cases = pd.DataFrame(missing, columns=keys).assign(column="hour", problem="missing hour")
        named = "; ".join(f"{store} {day} {hour}:00" for store, day, hour in missing[:_SHOWN])
        raise DataError(f"footfall lacks {len(missing)} hours between opening and closing ({named}"
                        f"{'; …' if len(missing) > _SHOWN else ''}). Add these rows; an hour without a row has no "
                        "chance to be drawn.", cases)  # fmt: skip


def _hours_of(hourly: pd.DataFrame, store: str, day: str) -> set[int]:
    return set(hourly.loc[(hourly["store"] == store) & (hourly["day"] == day), "hour"])


def _cases(rows: pd.DataFrame, column: str, problem: str) -> pd.DataFrame:
    cases = pd.DataFrame({"file": "footfall", "row": rows["row"], "column": column, "problem": problem})
    cases["value"] = rows[column].astype(str)
    return cases.join(rows[[name for name in ("store", "day", "start", "hour") if name in rows and name != column]])


def _refuse(rows: pd.DataFrame, column: str, problem: str, what: str, advice: str) -> NoReturn:
    cases = _cases(rows, column, problem).reset_index(drop=True)
    raise DataError(f"{len(cases)} {what} (rows {_rows(cases['row'])}). {advice}", cases)


def _rows(rows: pd.Series) -> str:
    return ", ".join(map(str, rows[:_SHOWN])) + (", …" if len(rows) > _SHOWN else "")
