"""A report is a value: a title and sections of paragraphs, findings, tables and pictures.

Content is given as it comes: a text is a paragraph, a list of texts is a list of findings, a result is a
table, a callable that draws is a picture. :class:`Table` and :class:`Picture` say more: what computed it,
under which name it is filed, what it shows to somebody who can't see it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from survey_design.errors import SpecError, check_choice
from survey_design.outputs import INDEX, replace_folder, write_whole
from survey_design.results import Language, Result, defused


@dataclass(frozen=True)
class Paragraph:
    """Running text; ``tone="note"`` is set smaller, ``tone="caution"`` stands in a box."""

    kind: ClassVar[str] = "paragraph"
    text: str
    tone: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Points:
    """A list of findings, each a sentence."""

    kind: ClassVar[str] = "points"
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One entry of :class:`Entries`: a name, what it means, the function that computes it, its reference."""

    name: str
    text: str
    function: str = ""
    reference: str = ""
    doi: str = ""


@dataclass(frozen=True)
class Entries:
    """Names and what they stand for: methods, settings, versions."""

    kind: ClassVar[str] = "entries"
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Lines:
    """Lines to be copied as they stand, such as settings."""

    kind: ClassVar[str] = "lines"
    text: str


@dataclass(frozen=True, eq=False)
class Table:
    """A result shown as a table.

    Attributes
    ----------
    result : the result; the report's language decides in which it shows itself
    computed_by : full name of the function, so that a reader finds the number in the code
    name : file name of the CSV beside the report; without it there is none
    rows : show only so many rows; the CSV holds all of them
    on_page : False if the page only names its file
    """

    kind: ClassVar[str] = "table"
    result: Result
    computed_by: str = ""
    name: str = ""
    rows: int | None = None
    on_page: bool = True

    @property
    def file(self) -> str:
        return f"{file_name(self.name)}.csv" if self.name else ""

    @property
    def total_rows(self) -> int:
        return len(self.result.frame)

    @property
    def is_cut(self) -> bool:
        return self.rows is not None and self.total_rows > self.rows

    def html(self, note: str | None = None) -> str:
        """The rows there is room for, under title, headings and note of the whole result; ``note`` stands in its place."""
        shown = _OnPage(self.result.frame, whole=self.result, rows=self.rows, told=note)
        return _CODE.sub(r'<td class="code">\1</td>', shown.to_html())


# A cell of one word with a figure in it: a date, a code, a time. It is not broken over two lines.
_CODE = re.compile(r"<td>([\w.:/–-]*\d[\w.:/–-]*)</td>")


@dataclass(frozen=True, eq=False, repr=False)
class _OnPage(Result):
    """A result as a page shows it: some of its rows, without columns in which nothing is said.

    What stands above and below the table speaks about all rows, so it comes from the whole.
    """

    whole: Result = field(kw_only=True)
    rows: int | None = None
    told: str | None = None

    def title(self) -> str:
        return self.whole.title()

    def note(self) -> str:
        return self.whole.note() if self.told is None else self.told

    def shown(self) -> pd.DataFrame:
        table = self.whole.shown()
        return table.iloc[: self.rows, self._said(table)]

    def _right_aligned(self) -> list[bool]:
        right = self.whole._right_aligned()
        return [right[k] for k in self._said(self.whole.shown())]

    def _said(self, table: pd.DataFrame) -> list[int]:
        """The places of the columns that say something in some row."""
        return [k for k in range(table.shape[1]) if not len(table) or (table.iloc[:, k] != "").any()]


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawing, embedded as SVG.

    Attributes
    ----------
    drawing : Axes, or a callable without arguments that returns them
    alt : what the picture shows, as a sentence, for readers who can't see it
    computed_by : full name of the function whose numbers it shows
    """

    kind: ClassVar[str] = "picture"
    drawing: Any
    alt: str
    computed_by: str = ""

    def data_uri(self) -> str:
        return "data:image/svg+xml;base64," + base64.b64encode(_svg(self.drawing)).decode("ascii")


Block = Paragraph | Heading | Points | Entries | Lines | Table | Picture


@dataclass(frozen=True)
class Section:
    """A titled part of a report."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """Sections of results that can be saved as one file.

    Examples
    --------
    >>> report = Report("Stores in spring").with_section("In short", "Service fell short.", ["Reliability: −0.8"])
    >>> [section.title for section in report.sections]
    ['In short']
    >>> report.save("report.docx")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: 'report.docx': a report can be saved as .html, .xlsx, not as .docx. Name it report.html.
    """

    title: str
    language: Language = "en"
    subtitle: str = ""
    sections: tuple[Section, ...] = ()
    folder: str = "tables"  # beside the page, with a file for each table

    def __post_init__(self) -> None:
        check_choice("language", self.language, Language)

    def with_section(self, title: str, *content: Any) -> Report:
        """The same report with one more section at its end.

        Parameters
        ----------
        title : its heading
        content : texts, lists of texts, results, :class:`Table`, :class:`Picture`, or callables that draw
        """
        blocks = tuple(self._block(thing, title) for thing in content)
        return replace(self, sections=(*self.sections, Section(title, blocks)))

    def tables(self) -> tuple[Table, ...]:
        """Every table that is also filed as CSV, in order."""
        blocks = (block for section in self.sections for block in section.blocks)
        return tuple(block for block in blocks if isinstance(block, Table) and block.file)

    def to_html(self) -> str:
        """The report as one self-contained page: no script, nothing loaded from elsewhere."""
        from servqual.report.page import render

        return render(self)

    def save(self, path: str | Path) -> Path:
        """Write the report; its suffix chooses how: ``.html`` the page, ``.xlsx`` a workbook of all its tables.

        It appears whole or not at all. A report that stood there before is kept as ``report.previous.html``.
        """
        path = Path(path)
        if path.suffix not in _WRITERS:
            possible = ", ".join(_WRITERS)
            raise SpecError(
                f"'{path.name}': a report can be saved as {possible}, not as {path.suffix or 'a file without suffix'}. "
                f"Name it {path.stem}{next(iter(_WRITERS))}."
            )
        return write_whole(path, _WRITERS[path.suffix](self))

    def save_all(self, folder: str | Path) -> tuple[Path, Path, list[Path]]:
        """The page ``report.html``, the workbook ``tables.xlsx`` and the folder ``tables`` beside each other.

        Everything is made before anything is written, so that nothing is replaced where a part of it fails.
        """
        folder = Path(folder)
        page, workbook, tables = _page(self), _workbook(self), self._csv_files()
        listed = _save_folder(folder / "tables", tables)
        book = write_whole(folder / "tables.xlsx", workbook)
        return write_whole(folder / "report.html", page), book, listed

    def save_tables(self, folder: str | Path) -> list[Path]:
        """Write every table at full precision as CSV, with an ``index.csv`` saying what computed which.

        The folder is replaced as a whole; the one before stays as ``tables.previous``.
        """
        return _save_folder(Path(folder), self._csv_files())

    def _csv_files(self) -> dict[str, bytes]:
        """Every table's file, and the list of them."""
        tables = {table.file: table for table in self.tables()}
        if len(tables) < len(self.tables()):
            raise SpecError("two tables of the report have the same name. Give every Table its own name.")
        index = {
            "file": list(tables),
            "title": [table.result.title() for table in tables.values()],
            "computed_by": [table.computed_by for table in tables.values()],
        }
        files = {name: _csv_bytes(table.result.to_csv()) for name, table in tables.items()}
        files[INDEX] = _csv_bytes(defused(pd.DataFrame(index)).to_csv(index=False, lineterminator="\n"))
        return files

    def _block(self, thing: Any, title: str) -> Block:
        if isinstance(thing, Result):
            return Table(thing.in_language(self.language))
        if isinstance(thing, Table):
            return replace(thing, result=thing.result.in_language(self.language))
        if isinstance(thing, Block):
            return thing
        if isinstance(thing, str):
            return Paragraph(thing)
        if isinstance(thing, Sequence) and all(isinstance(text, str) for text in thing):
            return Points(tuple(thing))
        if callable(thing) or hasattr(thing, "get_figure"):
            return Picture(thing, alt=title)
        raise SpecError(
            f"section '{title}' can't show a {type(thing).__name__}. "
            "Give a text, a list of texts, a result, a Table, a Picture, or a function that draws."
        )


def _save_folder(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    place = replace_folder(folder, files)
    return [place / name for name in files]


def _page(report: Report) -> bytes:
    return report.to_html().encode("utf-8")


def _workbook(report: Report) -> bytes:
    from servqual.report.workbook import workbook_bytes

    return workbook_bytes(report)


_WRITERS: Mapping[str, Callable[[Report], bytes]] = {".html": _page, ".xlsx": _workbook}


def file_name(name: str) -> str:
    """A name that is safe as a file name on every system; letters of any script stay.

    >>> file_name("dimensions by ../地区")
    'dimensions_by_地区'
    """
    return re.sub(r"\W+", "_", name).strip("_") or "table"


def _csv_bytes(text: str) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read Chinese."""
    return text.encode("utf-8-sig")


def _svg(drawing: Any) -> bytes:
    from servqual.plots import save_svg

    return save_svg(drawing() if callable(drawing) else drawing).encode("utf-8")
