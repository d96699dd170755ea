"""Which rows are the header, and what are the columns called? One to three rows, merged cells, headers repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from survey_design.errors import DataError, SpecError
from survey_design.results import is_missing

Merge = tuple[tuple[int, int], tuple[int, int]]

_MOST = 3


@dataclass(frozen=True, eq=False)
class Table:
    """A table cut out of a sheet.

    Attributes
    ----------
    frame : its cells under their names
    rows : where each of its rows stands in the file, counted from 1
    again : rows that repeat the header, left out of ``frame``
    labels : column -> what further header rows say of it
    other_names : other ways to name a column: its heading in another row, or block and item together
    """

    frame: pd.DataFrame
    rows: Any
    again: tuple[int, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    other_names: dict[str, str] = field(default_factory=dict)


def cut_table(
    cells: Sequence[Sequence[Any]], name: str, *, header_rows: int = 1, merged: Sequence[Merge] = ()
) -> Table:
    """The table in a sheet of cells: header, names, rows.

    A header may have up to three rows. If the first of them names every column, its texts are the names and the
    rows below are labels, as in exports with question texts under the codes. Otherwise a title that stands over
    several columns belongs to all of them, and a column is called by its lowest heading; where that isn't unique,
    by all of its headings joined: "Perceptions Clean". Either way can be used when columns are named.

    Left out: blank rows above the header, columns without heading and cells, and rows that repeat a header row,
    which are listed. A column with cells but no heading is called "column 3" after its place.

    Parameters
    ----------
    cells : rows of cells, as they stand
    name : the file's name, for messages
    header_rows : how many rows the header has, 1 to 3
    merged : merged cells as ((first row, first column), (last row, last column)), from 0

    Raises
    ------
    DataError
        If there is no header or no row below it, if a heading occurs twice, or rows are longer than the header.

    Examples
    --------
    >>> sheet = [["id", "Perceptions", "", "Expectations", ""], ["", "Clean", "Kind", "Clean", "Kind"], [1, 5, 6, 7, 7]]
    >>> cut_table(sheet, "answers.xlsx", header_rows=2).frame.columns.tolist()
    ['id', 'Perceptions Clean', 'Perceptions Kind', 'Expectations Clean', 'Expectations Kind']
    """
    _check_header_rows(header_rows)
    start = next((k for k, row in enumerate(cells) if any(_filled(cell) for cell in row)), 0)
    head, width = _head(cells[start : start + header_rows], name)
    body = cells[start + header_rows :]
    first = start + header_rows + 1
    _refuse_long(body, width, first, name)
    names, labels, other_names = _names(head, _spread(head, start, merged))
    again = _repeated(body, head)
    kept = [k for k in range(len(body)) if k not in again]
    filled = [[*body[k][:width], *([""] * (width - len(body[k])))] for k in kept]
    named = _named(names, filled)
    _refuse_twice(named, name, start + 1)
    if not filled:
        raise DataError(f"{name} has a header but no rows. Export the data again.")
    frame = pd.DataFrame(filled, dtype=object).iloc[:, list(named)].set_axis(list(named.values()), axis=1)
    return Table(frame, [k + first for k in kept], tuple(k + first for k in sorted(again)), labels, other_names)


def _check_header_rows(header_rows: Any) -> None:
    if isinstance(header_rows, bool) or not isinstance(header_rows, int) or not 1 <= header_rows <= _MOST:
        raise SpecError(f"header_rows={header_rows!r}: a header has 1 to {_MOST} rows. Give 1, 2 or 3.")


def _filled(cell: Any) -> bool:
    return not is_missing(cell) and bool(str(cell).strip())


def _heading(cell: Any) -> str:
    """A heading as text; a spreadsheet's 3.0 is a 3."""
    if is_missing(cell):
        return ""
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip().strip("\ufeff")


def _head(rows: Sequence[Sequence[Any]], name: str) -> tuple[list[list[str]], int]:
    """The header rows as texts of one width, up to the last heading."""
    texts = [[_heading(cell) for cell in row] for row in rows]
    width = max((j + 1 for row in texts for j, text in enumerate(row) if text), default=0)
    if not width:
        raise DataError(f"{name} is not a table: no rows, or no column names in the first one.")
    return [[*row[:width], *([""] * (width - len(row)))] for row in texts], width


def _spread(head: list[list[str]], start: int, merged: Sequence[Merge]) -> list[list[str]]:
    """The header with each title over all the columns it spans: as merged, or else up to the next title."""
    wide = [list(row) for row in head]
    across = [((r - start, c), end) for (r, c), (_, end) in merged if 0 <= r - start < len(head) and end > c]
    for (r, c), end in across:
        for j in range(c + 1, min(end + 1, len(wide[r]))):
            wide[r][j] = wide[r][j] or wide[r][c]
    for r in range(0 if across else len(head) - 1):
        title = -1
        for j, text in enumerate(head[r]):
            below = any(row[j] for row in head[r + 1 :])
            if text:
                title = j if below else -1  # a heading with nothing below it stands for itself
            elif below and title >= 0:
                wide[r][j] = head[r][title]
    return wide


def _names(head: list[list[str]], wide: list[list[str]]) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Names of the columns, what else is said of them, and other ways to name them."""
    if len(head) == 1:
        return head[0], {}, {}
    columns = [list(dict.fromkeys(text for text in column if text)) for column in zip(*wide, strict=True)]
    lowest = [column[-1] if column else "" for column in columns]
    joined = [" ".join(column) for column in columns]
    if _unique(head[0], columns):
        names, said = head[0], [" ".join(t for t in c[1:] if not t.startswith('{"ImportId')) for c in columns]
    else:
        names, said = (lowest, joined) if _unique(lowest, columns) else (joined, lowest)
    labels = {name: text for name, text in zip(names, said, strict=True) if text and text != name}
    others: dict[str, str] = {}
    for ways in (joined, lowest, said, head[0]):
        for name, way in zip(names, ways, strict=True):
            if way and ways.count(way) == 1 and way not in names:
                others.setdefault(way, name)
    return names, labels, others


def _unique(texts: list[str], columns: list[list[str]]) -> bool:
    """True if the texts name every column that has any heading, each differently."""
    named = [text for text, column in zip(texts, columns, strict=True) if column]
    return all(named) and len(set(named)) == len(named)


def _repeated(body: Sequence[Sequence[Any]], head: list[list[str]]) -> set[int]:
    """Positions of rows that say what a header row says; a row of numbers is an answer, whatever the header."""
    sayings = {tuple(row) for row in head if any(text and not _is_number(text) for text in row)}
    firsts = {next(((j, text) for j, text in enumerate(row) if text)) for row in sayings}
    width, found = len(head[0]), set[int]()
    for k, row in enumerate(body):
        if any(len(row) > j and _heading(row[j]) == text for j, text in firsts):
            said = [_heading(cell) for cell in row[:width]]
            if (*said, *([""] * (width - len(said)))) in sayings:
                found.add(k)
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(names: list[str], rows: list[list[Any]]) -> dict[int, str]:
    """Place -> name of the columns to keep. One without heading is called by its place, or left out if empty."""
    kept = {}
    for j, name in enumerate(names):
        if name or any(_filled(row[j]) for row in rows):
            kept[j] = name or f"column {j + 1}"
    return kept


def _refuse_twice(named: dict[int, str], file: str, row: int) -> None:
    names = list(named.values())
    twice = sorted({name for name in names if names.count(name) > 1})
    if not twice:
        return
    found = [(file, row, name, place + 1) for place, name in named.items() if name in twice]
    cases = pd.DataFrame(found, columns=["file", "row", "column", "value"]).assign(problem="heading occurs twice")
    listed = ", ".join(str(place) for *_, place in found)
    raise DataError(
        f"{file}: the column {', '.join(map(repr, twice))} occurs more than once (columns {listed}, counted from the left). "
        "Rename one of them; if a row of titles stands above the names, say header_rows = 2.",
        cases,
    )


def _refuse_long(body: Sequence[Sequence[Any]], width: int, first: int, name: str) -> None:
    long = [k + first for k, row in enumerate(body) if any(_filled(cell) for cell in row[width:])]
    if not long:
        return
    listed = ", ".join(map(str, long[:5])) + (", …" if len(long) > 5 else "")
    cases = pd.DataFrame({"file": name, "row": long, "problem": f"more than {width} columns"})
    raise DataError(
        f"{name}: {len(long)} lines hold more cells than the {width} columns of the header (rows {listed}). "
        "Put texts with separators into quotation marks; where a title line stands above the headings, remove it or read "
        "two lines of header (header_rows=2).",
        cases,
    )
