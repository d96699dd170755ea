"""What does a cell say of a day or a time? Year first; what could be read in two ways is not read at all."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.results import Text, is_missing

NOT_A_DAY: Text = {"en": "not a date (write 2026-03-05)", "zh": "不是日期（请写作 2026-03-05）"}
NOT_A_TIME: Text = {"en": "not a time (write 2026-03-05 14:30)", "zh": "不是时间（请写作 2026-03-05 14:30）"}

_DAY = re.compile(
    r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?:\.0|(\D.*))?|(\d{4})(\d{2})(\d{2})(?:\.0|(\D.*))?", re.DOTALL
)
_CLOCK = re.compile(
    r"[日号T,\s]*(?:\(?(?:周|星期)[一二三四五六日天]\)?\s*)?"
    r"(?:(上午|下午)?\s*(\d{1,2})\s*[:时点]\s*(?:(\d{1,2})\s*(?:[:分]\s*(?:(\d{1,2})(\.\d+)?\s*秒?)?)?)?\s*(AM|PM)?)?",
    re.IGNORECASE,
)
_ZONE = re.compile(r"(?<=:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)$")


def days_in(cells: Any) -> pd.Series:
    """The days that cells name, NaT where one names none: year first, in the ways that files write it.

    2026-03-05, 2026/3/5, 2026.3.5, 20260305 and 2026年3月5日 are read, and a time that follows is left out. 05/03/2026 may be a
    day of March or of May: it is never guessed, in no row.

    >>> days_in(["2026年3月5日", "2026/3/5 10:30", "20260305", "05/03/2026", None]).dt.strftime("%m-%d").tolist()
    ['03-05', '03-05', '03-05', nan, nan]
    """
    column = _column(cells)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.tz_localize(None).dt.normalize()
    return _read(column, [_day(text) for text in _texts(column)])


def times_in(cells: Any) -> pd.Series:
    """The times that cells name, as the clock showed them; a day alone is its midnight, NaT where neither is named.

    The day is read as in :func:`days_in`. A time zone is left out: see :func:`zones_in`.

    >>> times_in(["2026年3月5日 下午2点30分", "2026-03-05T14:30:00+08:00", "05/03/2026 14:30"]).tolist()
    [Timestamp('2026-03-05 14:30:00'), Timestamp('2026-03-05 14:30:00'), NaT]
    """
    column = _column(cells)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.tz_localize(None)
    return _read(column, [_time(_ZONE.sub(r"\1", text)) for text in _texts(column)])


def zones_in(cells: Any) -> set[str]:
    """The time zones that cells name; clocks of two zones can't be compared as they are.

    >>> sorted(zones_in(["2026-03-05T14:30:00+08:00", "2026-03-05T14:30:00Z", "2026-03-05 14:30"]))
    ['+08:00', 'Z']
    """
    column = _column(cells)
    if pd.api.types.is_datetime64_any_dtype(column):
        return set() if column.dt.tz is None else {str(column.dt.tz)}
    return {found[2] for found in map(_ZONE.search, _texts(column)) if found}


def _column(cells: Any) -> pd.Series:
    return cells if isinstance(cells, pd.Series) else pd.Series(list(cells), dtype=object)


def _texts(column: pd.Series) -> list[str]:
    return ["" if is_missing(cell) else unicodedata.normalize("NFKC", str(cell)).strip() for cell in column]


def _read(column: pd.Series, texts: list[str | None]) -> pd.Series:
    """Times of one spelling; what no calendar has, such as 2026-02-30, is NaT."""
    marks: NDArray[Any] = np.array(texts, dtype=object)
    times = pd.to_datetime(marks, errors="coerce", format="ISO8601").astype("datetime64[us]")
    return pd.Series(times, index=column.index, name=column.name)


def _parts(text: str) -> tuple[str, str] | None:
    """The day in one spelling, and what follows it."""
    found = _DAY.fullmatch(text)
    if not found:
        return None
    year, month, day, rest = found.groups()[:4] if found[1] else found.groups()[4:]
    return f"{year}-{int(month):02d}-{int(day):02d}", rest or ""


def _day(text: str) -> str | None:
    found = _parts(text)
    return found and found[0]


def _time(text: str) -> str | None:
    found = _parts(text)
    clock = found and _CLOCK.fullmatch(found[1].strip())
    if not found or not clock:
        return None
    half, hour, minute, second, part, mark = clock.groups()
    if hour is None:
        return found[0]
    told, late = int(hour), half == "下午" or (mark or "").upper() == "PM"
    if told < 12 and late:
        told += 12  # "下午14:30" counts to 24 all the same
    elif told == 12 and (mark or "").upper() == "AM":
        told = 0
    return f"{found[0]}T{told:02d}:{int(minute or 0):02d}:{int(second or 0):02d}{part or ''}"
