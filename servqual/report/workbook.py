"""All tables of a report as one Excel workbook: typed cells at full precision, no formula, the same bytes every time."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from servqual.report.document import Entries, Entry, Report, Table
from servqual.report.words import word
from survey_design.errors import SpecError, missing_extra
from survey_design.outputs import write_whole
from survey_design.results import Column, Text, is_missing, say

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

MOST_CHARACTERS = 32_767  # of a cell, counted as Excel does: in units of UTF-16
MOST_ROWS = 1_048_576
_MOST_NAME = 31
_NARROWEST, _WIDEST, _NOTE_WIDTH = 8, 60, 90
_HEADER = 2  # row of the column headings, below title and link
_CREATED = datetime(2000, 1, 1)  # a file says what it holds, not when it was written

_WORDS: Mapping[str, Text] = {
    "no": {"en": "No.", "zh": "序号"},
    "section": {"en": "Section", "zh": "章节"},
    "table": {"en": "Table", "zh": "表"},
    "rows": {"en": "Rows", "zh": "行数"},
    "back": {"en": "← Contents", "zh": "← 目录"},
    "cut": {"en": "{n} cell(s) hold more than Excel's 32,767 characters: they end in “…”. The CSV has them whole.",
            "zh": "{n} 个单元格超过 Excel 的 32,767 字符上限，已截断并以“…”结尾；完整内容见 CSV。"},
}  # fmt: skip


def write_workbook(report: Report, path: str | Path) -> Path:
    """Write every table of a report as one Excel workbook; it appears whole or not at all.

    The first sheet lists the tables, each a link to its sheet, and below them what the report says about methods and
    provenance. A table's sheet has its title, the columns that the table declares with their headings in the report's
    language, all its rows (also where the page shows only the first), and its note. Numbers are numbers at full
    precision, shown rounded as in the report; a number that does not exist is an empty cell, and the table's remark
    says why. Texts stay texts: what begins with ``=``, ``+``, ``-`` or ``@`` is no formula, and nothing becomes a link.

    Parameters
    ----------
    report : Report
    path : a name ending in .xlsx; a workbook that stood there is kept as ``name.previous.xlsx``

    Returns
    -------
    Path
        Where it was written. The same report gives the same bytes: there is no date, user or machine in them.

    Raises
    ------
    SpecError
        If the report has no tables, a table has more rows than a sheet can hold, or the name does not end in .xlsx.

    Notes
    -----
    Checked by reading back with openpyxl and python-calamine (tests/test_workbook.py). Characters that XML cannot hold
    are written as Excel writes them (``_x0001_``), halves of surrogate pairs as U+FFFD. Excel itself shows 15 digits.

    Examples
    --------
    >>> import tempfile
    >>> from servqual import load_instrument
    >>> from servqual.report import Report
    >>> from servqual.study import load_study
    >>> gaps = load_study("data/sample").results().gaps[0]
    >>> report = Report("Stores in spring").with_section("Gaps", gaps.dimensions, gaps.total)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_workbook(report, Path(folder) / "stores.xlsx").name
    'stores.xlsx'
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise SpecError(f"'{path.name}': a workbook's name ends in .xlsx. Name it {path.stem}.xlsx.")
    return write_whole(path, workbook_bytes(report))


def workbook_bytes(report: Report) -> bytes:
    """The workbook of a report, before it is written anywhere."""
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        raise missing_extra("xlsxwriter", "report", "Writing a workbook") from error
    sheets = _sheets(report)
    if not sheets:
        raise SpecError("the report has no tables, so there is nothing for a workbook. Add a result with with_section.")
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"title": _text(report.title)[0], "created": _CREATED})
        pen = _Pen(book, report.language)
        _write_contents(pen, report, sheets)
        for sheet in sheets:
            _write_table(pen, sheet)
    return buffer.getvalue()


# --- what stands on which sheet ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _TableSheet:
    """A table, the section it stands in, and the name of its sheet."""

    name: str
    section: str
    table: Table


def _sheets(report: Report) -> list[_TableSheet]:
    """Every table of the report in order."""
    found = [
        (section.title, block) for section in report.sections for block in section.blocks if isinstance(block, Table)
    ]
    names = sheet_names(
        [_short_title(table, report.language) for _, table in found], (word("contents", report.language),)
    )
    long = [table.result.title() for _, table in found if table.total_rows > MOST_ROWS - 100]
    if long:
        raise SpecError(f"more rows than an Excel sheet can hold: {'; '.join(long)}. Use save_tables for CSV files.")
    return [_TableSheet(name, section, table) for name, (section, table) in zip(names, found, strict=True)]


def _short_title(table: Table, language: str) -> str:
    """The title; in English, where it is too long for a sheet's name, the name of the CSV file if there is one."""
    title = table.result.title()
    return table.name if language == "en" and table.name and _units(title) > _MOST_NAME - 3 else title


def sheet_names(titles: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Titles as names that Excel accepts: at most 31 characters, none of ``[]:*?/\\``, no two alike.

    >>> sheet_names(["Gap by item", "Gap by item", "a/b: c?", "", "History"])
    ['1 Gap by item', '2 Gap by item', '3 a b c', '4', '5 History']
    >>> sheet_names(["各维度的服务质量差距（按门店层级）", "Perceived performance by dimension and region (SERVPERF)"])
    ['1 各维度的服务质量差距（按门店层级）', '2 Perceived performance by…']
    """
    names = []
    for number, title in enumerate(titles, start=1):
        clean = "".join(" " if unicodedata.category(c)[0] == "C" or c in "[]:*?/\\" else c for c in title)
        name = _shortened(f"{number} {' '.join(clean.split())}".strip(), _MOST_NAME).strip("' ")
        names.append(name if name not in taken else f"{number}")
    return names


def _shortened(text: str, most: int) -> str:
    """The text in at most so many UTF-16 units, cut between words where it has any."""
    if _units(text) <= most:
        return text
    kept = text.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", errors="ignore")
    head, _, _ = kept.rpartition(" ")
    return f"{head if len(head) > most // 2 else kept.rstrip()}…"


def _units(text: str) -> int:
    """Length as Excel counts it."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


# --- cells -------------------------------------------------------------------------------------------------


class _Exact(float):
    """A number that is written with all the digits it has; the writer's own 16 may lose the last bit."""

    def __format__(self, spec: str) -> str:
        return float.__repr__(self)


def number_format(column: Column) -> str:
    """Excel's number format for a kind of column, so that cells look as they do in the report.

    >>> number_format(Column("share", {"en": "share"}, "share")), number_format(Column("gap", {"en": "gap"}, "signed"))
    ('0%', '+#,##0.00;−#,##0.00;0.00')
    """
    places = "." + "0" * column.decimals if column.decimals else ""
    formats = {
        "count": "#,##0;−#,##0",
        "share": "0%",
        "p": '[<0.0005]"<.001";.000',
        "df": "#,##0.0",
        "number": f"#,##0{places};−#,##0{places}",
        "signed": f"+#,##0{places};−#,##0{places};0{places}",
    }
    return formats.get(column.kind, "General")


def cell_value(value: Any, column: Column, language: str) -> float | int | bool | str | None:
    """What a cell holds: a number at full precision, a text, or nothing where there is no number.

    >>> p = Column("p", {"en": "p"}, "p")
    >>> cell_value(0.00002, p, "en"), cell_value(float("nan"), p, "en"), cell_value(float("inf"), p, "en")
    (2e-05, None, None)
    >>> (
    ...     cell_value("=1+1", Column("comment", {"en": "comment"}), "en"),
    ...     cell_value(12, Column("store", {"en": "store"}), "en"),
    ... )
    ('=1+1', 12)
    """
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)) and value not in column.words:
        return str(value) if column.kind == "text" else int(value)
    if isinstance(value, (int, float, np.integer, np.floating)) and not (
        column.kind == "text" and value in column.words
    ):
        number = value.item() if isinstance(value, (np.integer, np.floating)) else value
        if not math.isfinite(number):
            return None
        return number if isinstance(number, float) or abs(number) < 2**53 else str(number)
    return column.show(value, language) if column.kind == "text" else str(value)


def _text(text: str) -> tuple[str, bool]:
    """A text as a cell can hold it, and whether it had to be cut."""
    clean = text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
    cut = _units(clean) > MOST_CHARACTERS
    if cut:
        clean = clean.encode("utf-16-le")[: 2 * (MOST_CHARACTERS - 1)].decode("utf-16-le", errors="ignore") + "…"
    # The writer takes a text within <r> and </r> for ready-made XML; with a space behind it, it is a text.
    return (clean + " " if clean.startswith("<r>") and clean.endswith("</r>") else clean), cut


def _width(text: str) -> int:
    """Width of the widest line; Chinese characters count two."""
    lines = text.splitlines() or [""]
    return max(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[:200]) for line in lines)


@dataclass(frozen=True, eq=False)
class _Pen:
    """The workbook, its language, and the few looks that cells have."""

    book: Workbook
    language: str
    looks: dict[Any, Any] = field(default_factory=dict)

    def look(self, **properties: Any) -> Any:
        """A format with these properties, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self.looks:
            self.looks[key] = self.book.add_format({"valign": "top", **properties})
        return self.looks[key]

    def say(self, key: str, **values: Any) -> str:
        return say(_WORDS[key], self.language).format(**values)

    def text(self, sheet: Worksheet, row: int, column: int, text: str, **look: Any) -> bool:
        """Write a text; True if it had to be cut."""
        clean, cut = _text(text)
        if clean:
            sheet.write_string(row, column, clean, self.look(**look))
        return cut

    def link(self, sheet: Worksheet, row: int, column: int, target: str, text: str) -> None:
        """A link to the first cell of another sheet."""
        place = "internal:'{}'!A1".format(target.replace("'", "''"))
        sheet.write_url(
            row, column, place, self.look(font_color="#0060A0", underline=1, text_wrap=True), _text(text)[0]
        )

    def headings(self, sheet: Worksheet, row: int, headings: Sequence[str], right: Sequence[bool]) -> None:
        for column, (heading, at_right) in enumerate(zip(headings, right, strict=True)):
            self.text(
                sheet, row, column, heading, bold=True, bottom=1, text_wrap=True, align="right" if at_right else "left"
            )

    def paragraph(self, sheet: Worksheet, row: int, text: str, widths: Sequence[float], **look: Any) -> None:
        """A text across as many columns as a readable line takes, its row as high as it needs."""
        total, last = 0.0, 0
        for last in range(len(widths) + 12):
            total += widths[last] if last < len(widths) else 8.43
            if total >= _NOTE_WIDTH:
                break
        clean, _ = _text(text)
        lines = sum(-(-max(_width(line), 1) // max(int(total * 0.9), 1)) for line in clean.splitlines() or [""])
        sheet.set_row(row, min(15 * lines + 2, 400))
        if last:
            sheet.merge_range(row, 0, row, last, "", self.look(text_wrap=True, **look))
        sheet.write_string(row, 0, clean, self.look(text_wrap=True, **look))


# --- sheets ------------------------------------------------------------------------------------------------


def _write_contents(pen: _Pen, report: Report, sheets: Sequence[_TableSheet]) -> None:
    """The list of tables with links, then the method and everything else that the report lists by name."""
    sheet = pen.book.add_worksheet(word("contents", report.language))
    widths = (7, 30, 60, 9, 60)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    pen.text(sheet, 0, 0, report.title, bold=True, font_size=14)
    pen.text(sheet, 1, 0, report.subtitle, font_color="#57606A")
    headings = [pen.say(key) for key in ("no", "section", "table", "rows")] + [word("computed by", report.language)]
    pen.headings(sheet, _HEADER + 1, headings, [True, False, False, True, False])
    row = _HEADER + 2
    for number, each in enumerate(sheets, start=1):
        sheet.write_number(row, 0, number, pen.look())
        pen.text(sheet, row, 1, each.section, text_wrap=True)
        pen.link(sheet, row, 2, each.name, each.table.result.title())
        sheet.write_number(row, 3, each.table.total_rows, pen.look(num_format="#,##0"))
        pen.text(sheet, row, 4, each.table.computed_by, text_wrap=True)
        row += 1
    for title, entries in _entries(report):
        row += 1
        pen.text(sheet, row, 1, title, bold=True, bottom=1)
        for entry in entries:
            row += 1
            row = _write_entry(pen, sheet, row, entry)
        row += 1
    sheet.freeze_panes(_HEADER + 2, 0)
    _page(sheet)


def _entries(report: Report) -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """What the report lists by name (methods, settings, versions), section by section."""
    for section in report.sections:
        listed = [entry for block in section.blocks if isinstance(block, Entries) for entry in block.entries]
        if listed:
            yield section.title, tuple(listed)


def _write_entry(pen: _Pen, sheet: Worksheet, row: int, entry: Entry) -> int:
    """Name, meaning, and where it is computed and comes from; the row it ends on."""
    source = "; ".join(filter(None, [entry.reference, f"doi:{entry.doi}" if entry.doi else ""]))
    pen.text(sheet, row, 1, entry.name, text_wrap=True)
    pen.text(sheet, row, 2, entry.text, text_wrap=True)
    pen.text(sheet, row, 4, "\n".join(filter(None, [entry.function, source])), text_wrap=True, font_color="#57606A")
    needed = max(
        -(-_width(entry.text) // 56), -(-_width(source) // 56) + bool(entry.function), -(-_width(entry.name) // 28), 1
    )
    sheet.set_row(row, 15 * needed)
    return row


def _write_table(pen: _Pen, each: _TableSheet) -> None:
    """Title and link, headings, every row, the note."""
    sheet, result = pen.book.add_worksheet(each.name), each.table.result
    columns = _columns(each.table)
    pen.text(sheet, 0, 0, result.title(), bold=True, font_size=12)
    pen.link(sheet, 1, 0, word("contents", pen.language), pen.say("back"))
    headings = [column.heading(result.language) for column in columns]
    pen.headings(sheet, _HEADER, headings, [column.kind != "text" for column in columns])
    cut, widths = 0, []
    for place, column in enumerate(columns):
        values = [cell_value(value, column, result.language) for value in result.frame[column.name]]
        cut += _write_column(pen, sheet, place, column, values)
        widths.append(_column_width(column, headings[place], result.frame[column.name], result.language))
        sheet.set_column(place, place, widths[-1])
    last = _HEADER + len(result.frame)
    if columns:
        sheet.autofilter(_HEADER, 0, max(last, _HEADER + 1), len(columns) - 1)
    sheet.freeze_panes(_HEADER + 1, _leading_texts(columns))
    notes = [result.note(), pen.say("cut", n=cut) if cut else "", each.table.computed_by]
    for place, note in enumerate(filter(None, notes)):
        pen.paragraph(sheet, last + 2 + place, note, widths, font_color="#57606A")
    _page(sheet)


def _columns(table: Table) -> list[Column]:
    """The columns the result declares and has, each once."""
    named: dict[str, Column] = {}
    for column in table.result.columns():
        if column.name in table.result.frame.columns:
            named.setdefault(column.name, column)
    return list(named.values())


def _write_column(pen: _Pen, sheet: Worksheet, place: int, column: Column, values: Sequence[Any]) -> int:
    """The cells of one column; how many texts had to be cut."""
    cut, look = 0, {} if column.kind == "text" else {"num_format": _fitting_format(column, values)}
    for row, value in enumerate(values, start=_HEADER + 1):
        if isinstance(value, str):
            cut += pen.text(sheet, row, place, value, text_wrap=_width(value) > _WIDEST)
        elif value is not None:
            sheet.write_number(row, place, _Exact(value) if isinstance(value, float) else value, pen.look(**look))
    return cut


def _fitting_format(column: Column, values: Sequence[Any]) -> str:
    """Whole degrees of freedom need no decimals."""
    numbers = [value for value in values if isinstance(value, (int, float))]
    if column.kind == "df" and all(value == round(value) for value in numbers):
        return "#,##0"
    return number_format(column)


def _column_width(column: Column, heading: str, cells: Any, language: str) -> float:
    """Wide enough for the heading, its filter button and the cells as they are shown, within limits."""
    shown = max((_width(column.show(value, language)) for value in cells), default=0)
    words = max((_width(part) for part in re.split(r"\s+", heading)), default=0)
    return float(min(max(shown + 2, words + 4, _NARROWEST), _WIDEST))


def _leading_texts(columns: Sequence[Column]) -> int:
    """How many columns at the left say which row it is; at most two of them stay in sight."""
    count = 0
    for column in columns:
        if column.kind != "text":
            break
        count += 1
    return min(count, 2) if count < len(columns) else 0


def _page(sheet: Worksheet) -> None:
    """Printed across, as wide as a page."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)
