"""What the file says: a table of texts, exactly as it stands, with its name, checksum and encoding."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from survey_design.errors import DataError, SpecError, missing_extra
from survey_design.results import is_missing

_EXCEL = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"}
_TEXT = {".csv", ".tsv", ".txt"}
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Source:
    """Where answers came from: file name (never a path), its SHA-256, its encoding and its raw row count."""

    name: str = "data frame"
    sha256: str = ""
    encoding: str = ""
    n_raw: int = 0


def read_table(path: str | Path, *, encoding: str | None = None, sheet: str | int = 0) -> tuple[pd.DataFrame, Source]:
    """A CSV or Excel file as a frame of its cells. Nothing is converted or dropped; the file is only read.

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
    if suffix in _EXCEL:
        rows, encoding = _excel(content, path.name, sheet), ""
    elif suffix in _TEXT:
        rows, encoding = _csv(content, path.name, encoding)
    else:
        raise SpecError(f"{path.name}: files ending in '{suffix}' are not read. Give .csv or .xlsx.")
    frame = _table(rows, path.name)
    return frame, Source(path.name, hashlib.sha256(content).hexdigest(), encoding, len(frame))


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


def _csv(content: bytes, name: str, encoding: str | None) -> tuple[list[list[Any]], str]:
    text, encoding = _decoded(content, name, encoding)
    text = text.removeprefix("\ufeff")
    separator = max(
        _SEPARATORS, key=lambda candidate: len(next(csv.reader(io.StringIO(text, newline=""), delimiter=candidate), []))
    )
    try:
        rows: list[list[Any]] = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise DataError(f"{name} is not a table: {error}. Open it and look at its quotation marks.") from error
    return rows, encoding


def _decoded(content: bytes, name: str, encoding: str | None) -> tuple[str, str]:
    if encoding:
        tried = [encoding]
    elif content.startswith(b"\xef\xbb\xbf"):
        tried = ["utf-8-sig"]
    elif content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        tried = ["utf-16"]
    else:
        tried = ["utf-8-sig", "gb18030"]
    place = 0
    for candidate in tried:
        try:
            return content.decode(candidate), candidate
        except UnicodeDecodeError as error:
            place = error.start
        except (LookupError, TypeError) as error:
            raise SpecError(f"encoding={candidate!r} is not known. Try 'utf-8', 'gb18030' or 'latin-1'.") from error
    listed = " nor ".join(tried)
    raise DataError(f"{name} is not {listed} text (byte {place}). Save it as UTF-8, or name its encoding.")


def _excel(content: bytes, name: str, sheet: str | int) -> list[list[Any]]:
    if isinstance(sheet, bool) or not isinstance(sheet, (str, int)) or (isinstance(sheet, int) and sheet < 0):
        raise SpecError(f"sheet={sheet!r} is neither the name of a sheet nor its position (0 is the first).")
    try:
        import python_calamine
    except ImportError as error:
        raise missing_extra("python-calamine", "files", "Reading Excel files") from error
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        wanted = book.get_sheet_by_name(sheet) if isinstance(sheet, str) else book.get_sheet_by_index(sheet)
        return wanted.to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, ValueError, IndexError) as error:
        raise DataError(
            f"{name}: sheet {sheet!r} cannot be read ({error}). Open the file and save it again."
        ) from error


def _table(rows: Sequence[Sequence[Any]], name: str) -> pd.DataFrame:
    """Header and rows as a frame; short rows end in blanks, blank cells beyond the header are left out."""
    header = [str(cell).strip() for cell in rows[0]] if rows else []
    while header and not header[-1]:
        header.pop()
    twice = sorted({heading for heading in header if heading and header.count(heading) > 1})
    if not header:
        raise DataError(f"{name} is not a table: no rows, or no column names in the first one.")
    if twice:
        raise DataError(f"{name}: the column {', '.join(map(repr, twice))} occurs more than once. Rename one of them.")
    width = len(header)
    long = [
        k for k, row in enumerate(rows[1:], start=2) if any(not is_missing(c) and str(c).strip() for c in row[width:])
    ]
    if long:
        listed = ", ".join(map(str, long[:5])) + (", …" if len(long) > 5 else "")
        cases = pd.DataFrame({"file": name, "row": long, "problem": f"more than {width} columns"})
        raise DataError(f"{name}: {len(long)} lines hold more cells than the {width} columns of the header (rows {listed}). "
                        "Put texts with separators into quotation marks.", cases)  # fmt: skip
    body = [[*row[:width], *([""] * (width - len(row)))] for row in rows[1:]]
    if not body:
        raise DataError(f"{name} has a header but no rows. Export the data again.")
    return pd.DataFrame(body, columns=header, dtype=object)
