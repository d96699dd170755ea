"""How did every contact end? The dispositions of a filled form in AAPOR's codes, a row per contact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from survey_design.results import is_missing

PLACES = ("block", "store", "date", "hour")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2}):\d{2}")


def aapor_code(value: Any) -> str:
    """A form's code of a disposition as AAPOR writes it: a form can't hold the point.

    >>> aapor_code(110), aapor_code(211), aapor_code(230), aapor_code(300), aapor_code("moved")
    ('1.1', '2.11', '2.3', '3.0', 'moved')
    """
    text = str(value).strip()
    if not re.fullmatch(r"[1-9]\d\d", text):
        return text
    return f"{text[0]}.{text[1:].rstrip('0') or '0'}"


def hour_of(text: Any) -> int | None:
    """The hour in which a time lies, as the tool's own clock wrote it; None where there is no time.

    >>> hour_of("2026-03-02T09:58:12.000+08:00"), hour_of("2026/3/2 14:07:30"), hour_of("2026-03-02")
    (9, 14, None)
    """
    found = None if is_missing(text) else _CLOCK.search(str(text))
    return int(found[1]) if found and int(found[1]) < 24 else None


def contact_rows(told: Mapping[str, Sequence[Any]], endings: Sequence[Any], rows: Sequence[int]) -> pd.DataFrame:
    """A row per contact: what is known of its place and time, how it ended, and where it stands in the file.

    Parameters
    ----------
    told : those of block, store, date and ``_start`` that the file has, (n,) each
    endings : (n,) codes of the form
    rows : (n,) rows of the file

    Returns
    -------
    DataFrame with ``block, store, date, hour, outcome, _row``
        as far as they are known. Without a block of its own a contact's block is its store and day.
    """
    frame = pd.DataFrame({name: told[name] for name in PLACES if name in told}, index=range(len(rows)), dtype=object)
    if "hour" not in told and "_start" in told:
        frame["hour"] = pd.array([hour_of(text) for text in told["_start"]], dtype="Int64")
    if "block" not in frame:
        known = [name for name in ("store", "date") if name in frame]
        parts = [frame[name].map(lambda cell: "?" if is_missing(cell) else str(cell)) for name in known]
        frame["block"] = ["-".join(each) for each in zip(*parts, strict=True)] if parts else "all"
    frame["outcome"] = [aapor_code(code) for code in endings]
    return frame[[*(name for name in PLACES if name in frame), "outcome"]].assign(_row=list(rows))


def count_contacts(contacts: pd.DataFrame) -> pd.DataFrame:
    """Contacts that share place, time and ending, counted: a row per combination that occurs, with ``count``.

    >>> told = {"store": ["S1", "S1", "S2"], "date": ["2026-03-02", "2026-03-02", None]}
    >>> count_contacts(contact_rows(told, [110, 110, 211], [2, 3, 4]))[
    ...     ["block", "outcome", "count"]
    ... ].to_numpy().tolist()
    [['S1-2026-03-02', '1.1', 2], ['S2-?', '2.11', 1]]
    """
    by = [name for name in contacts.columns if name != "_row"]
    return contacts.groupby(by, sort=True, dropna=False).size().rename("count").reset_index()
