"""What the file says: a table of cells, exactly as it stands, with its name, checksum and encoding."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from survey_design.errors import DataError, SpecError, missing_extra
from survey_design.files.columnar import read_parquet
from survey_design.files.encodings import MIXED, Decoded, decode, spelled
from survey_design.files.headings import Merge, Table, cut_table
from survey_design.files.labelled import KINDS, Labels, read_labelled
from survey_design.results import Text

HEADER_REPEATED = "header repeated"

EXCEL = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"}
_TEXT = {".csv", ".tsv", ".txt"}
_SEPARATORS = ",;\t"
_GUESSES = {
    MIXED: {
        "en": "{file} holds two encodings: {lines} were read as GB18030, the others as UTF-8 ({n} of them GB18030).",
        "zh": "{file} 混有两种编码：{lines}按 GB18030 读取，其余按 UTF-8 读取（GB18030 共 {n} 行）。",
    },
    "no mark": {
        "en": "{file} was read as UTF-16 without mark, known by its zero bytes.",
        "zh": "{file} 没有编码标记，依其零字节判断为 UTF-16。",
    },
    "gb18030": {
        "en": "{file} was read as GB18030 because it is not UTF-8.",
        "zh": "{file} 不是 UTF-8，按 GB18030 读取。",
    },
}
_DOUBT = {
    "en": "The encoding {encoding} of {file} may be wrong: {lines} would hold characters that no text has. Look at them, and name "
    "the encoding.",
    "zh": "{file} 按 {encoding} 读取可能有误：{lines}含私用或未定义字符，请核对并指明编码。",
}


@dataclass(frozen=True)
class Source:
    """Where answers came from: file name (never a path), its SHA-256, its encoding and its raw row count.

    Attributes
    ----------
    name, sha256, encoding : the file; ``encoding`` is empty where the kind of file leaves no question
    n_raw : rows below the header as they stand, those that repeat the header included
    labels : what the file says about its columns: labels, value labels, codes declared as missing
    rows : (n,) where each row of the frame stands in the file; None for DataFrames. A spreadsheet's rows count its
        header; rows of SPSS, Stata and Parquet files begin with 1
    found : (row, column, value, problem) of rows that were left out on reading, such as a repeated header
    guess : in both languages, that the encoding was found out and not told; empty for UTF-8 and where a mark tells it
    remarks : what else must be known about the reading, in both languages
    lines : where the answers stood, for a file with one line per answer (see :mod:`servqual.layouts`)
    """

    name: str = "data frame"
    sha256: str = ""
    encoding: str = ""
    n_raw: int = 0
    labels: Labels = field(default_factory=Labels, compare=False, repr=False)
    rows: Any = field(default=None, compare=False, repr=False)
    found: tuple[tuple[int, str, str, str], ...] = field(default=(), compare=False, repr=False)
    guess: Text = field(default_factory=dict, compare=False, repr=False)
    remarks: tuple[Text, ...] = field(default=(), compare=False, repr=False)
    lines: Lines | None = field(default=None, compare=False, repr=False)

    @property
    def n_header_repeated(self) -> int:
        """Rows that repeated the header and were left out."""
        return sum(problem == HEADER_REPEATED for *_, problem in self.found)


@dataclass(frozen=True, eq=False)
class Lines:
    """Where the answers of a file with one line per answer stood, and what became of its lines.

    ``places`` has a column per question with the line of each answer. ``counts`` are (step, n); the first is
    "lines read" and the others add up to it.
    """

    places: pd.DataFrame
    counts: tuple[tuple[str, int], ...]


def read_table(
    path: str | Path, *, encoding: str | None = None, sheet: str | int = 0, header_rows: int = 1
) -> tuple[pd.DataFrame, Source]:
    """A file as a frame of its cells. Nothing is converted; the file is only read.

    Parameters
    ----------
    path : CSV, TSV or text; Excel or OpenDocument; SPSS (.sav, .zsav); Stata (.dta); Parquet
    encoding : only needed when a text file's encoding is not recognised
    sheet : sheet of an Excel file, by name or position
    header_rows : rows of the header in a text or Excel file, 1 to 3 (see :func:`survey_design.files.headings.cut_table`)

    Returns
    -------
    frame : DataFrame, one row per row of the file; rows that repeat the header are left out and listed in ``found``
    source : Source

    Raises
    ------
    DataError
        If the file is missing, empty or damaged, its encoding is another, a heading occurs twice, or rows hold more
        cells than the header.
    SpecError
        If the kind of file, the sheet or the encoding is not known.

    Examples
    --------
    >>> frame, source = read_table("data/sample/stores.csv")
    >>> source.name, source.n_raw, source.encoding
    ('stores.csv', 120, 'utf-8-sig')
    """
    path, content = _content(path)
    suffix = path.suffix.lower()
    source = Source(path.name, hashlib.sha256(content).hexdigest())
    if suffix in _TEXT:
        decoded = decode(content, path.name, encoding)
        table = cut_table(_split(decoded.text, path.name), path.name, header_rows=header_rows)
        source = replace(source, encoding=decoded.encoding, guess=_guess(decoded, path.name, encoding),
                         remarks=_doubt(decoded, path.name))  # fmt: skip
        return table.frame, _placed(source, table)
    if suffix in EXCEL:
        cells, merged = _excel(content, path.name, sheet, header_rows)
        table = cut_table(cells, path.name, header_rows=header_rows, merged=merged)
        return table.frame, _placed(source, table)
    if suffix in KINDS:
        frame, labels, encoding = read_labelled(content, path.name, encoding)
        source = replace(source, labels=labels, encoding=encoding)
    elif suffix == ".parquet":
        frame = read_parquet(content, path.name)
    else:
        raise SpecError(
            f"{path.name}: files ending in '{suffix}' are not read. Give .csv or .xlsx, .sav, .dta, .parquet."
        )
    return frame, replace(source, n_raw=len(frame), rows=np.arange(1, len(frame) + 1))


def sheet_names(path: str | Path) -> list[str]:
    """The names of a workbook's sheets, in their order.

    >>> import openpyxl, tempfile
    >>> book = openpyxl.Workbook()
    >>> book.active.title = "答卷"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book.save(Path(folder) / "answers.xlsx")
    ...     sheet_names(Path(folder) / "answers.xlsx")
    ['答卷']
    """
    path, content = _content(path)
    python_calamine = _calamine()
    try:
        return list(python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names)
    except python_calamine.CalamineError as error:
        raise DataError(f"{path.name} cannot be read ({error}). Open the file and save it again.") from error


def _placed(source: Source, table: Table) -> Source:
    """The source with what was learned from cutting the table out of its sheet."""
    frame, first = table.frame, str(table.frame.columns[0])
    found = tuple((row, first, first, HEADER_REPEATED) for row in table.again)
    labels = Labels(table.labels, other_names=table.other_names)
    n_raw = len(frame) + len(table.again)
    return replace(source, n_raw=n_raw, labels=labels, rows=np.array(table.rows), found=found)


def _guess(decoded: Decoded, name: str, encoding: str | None) -> Text:
    """That the encoding was found out and not told, where that is more than reading a mark or UTF-8."""
    kind = "no mark" if decoded.encoding in ("utf-16-le", "utf-16-be") else decoded.encoding
    if encoding is not None or kind not in _GUESSES:
        return {}
    lines = decoded.other_lines
    return {
        language: words.format(file=name, lines=spelled(lines, language), n=len(lines))
        for language, words in _GUESSES[kind].items()
    }


def _doubt(decoded: Decoded, name: str) -> tuple[Text, ...]:
    """That the encoding that was found out may be wrong."""
    if not decoded.doubtful:
        return ()
    lines = {language: spelled(decoded.doubtful, language) for language in _DOUBT}
    return ({language: words.format(encoding=decoded.encoding, file=name, lines=lines[language])
             for language, words in _DOUBT.items()},)  # fmt: skip


def _content(path: str | Path) -> tuple[Path, bytes]:
    try:
        path = Path(path)
        content = path.read_bytes()
    except TypeError as error:
        raise SpecError(f"path={path!r} is not the name of a file.") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{Path(str(path)).name} cannot be read: {why}. Check the name and the folder.") from error
    if not content.strip():
        raise DataError(f"{path.name} is empty. Export the data again.")
    return path, content


def _split(text: str, name: str) -> list[list[Any]]:
    """Lines of text as cells; the separator is the one that gives the header most of them."""
    text = text.removeprefix("\ufeff")
    head = text.lstrip("\r\n")
    separator = max(
        _SEPARATORS, key=lambda candidate: len(next(csv.reader(io.StringIO(head, newline=""), delimiter=candidate), []))
    )
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise DataError(f"{name} is not a table: {error}. Open it and look at its quotation marks.") from error


def _excel(content: bytes, name: str, sheet: str | int, header_rows: int) -> tuple[list[list[Any]], list[Merge]]:
    """A sheet's cells, and those that are merged where that matters for the header."""
    if isinstance(sheet, bool) or not isinstance(sheet, (str, int)) or (isinstance(sheet, int) and sheet < 0):
        raise SpecError(f"sheet={sheet!r} is neither the name of a sheet nor its position (0 is the first).")
    python_calamine = _calamine()
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        _check_sheet(sheet, list(book.sheet_names), name)
        wanted = book.get_sheet_by_name(sheet) if isinstance(sheet, str) else book.get_sheet_by_index(sheet)
        return wanted.to_python(skip_empty_area=False), list(wanted.merged_cell_ranges or ()) if header_rows > 1 else []
    except (python_calamine.CalamineError, ValueError, IndexError) as error:
        raise DataError(
            f"{name}: sheet {sheet!r} cannot be read ({error}). Open the file and save it again."
        ) from error


def _check_sheet(sheet: str | int, there: list[str], name: str) -> None:
    """Refuse a sheet that the workbook does not have, naming those that it has."""
    if sheet not in there and not (isinstance(sheet, int) and sheet < len(there)):
        counted = "" if isinstance(sheet, str) else " (the first is 0)"
        raise DataError(f"{name}: sheet {sheet!r} cannot be read: there is none{counted}. It has: {', '.join(there)}.")


def _calamine() -> Any:
    try:
        import python_calamine
    except ImportError as error:
        raise missing_extra("python-calamine", "files", "Reading Excel files") from error
    return python_calamine
