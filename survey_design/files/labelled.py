"""What does the file say about its numbers? Labels and declared missing values of SPSS and Stata files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from survey_design.errors import DataError, missing_extra

KINDS = {".sav", ".zsav", ".dta"}

Ranges = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Labels:
    """What a file says about its columns beside their cells; all keyed by the column's name in the file.

    Attributes
    ----------
    variables : column -> label of the variable
    values : column -> {code: label}
    missing : column -> (lowest, highest) of each run of codes that the file declares as missing
    other_names : another name of a column (a further row of the header) -> its name
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    missing: Mapping[str, Ranges] = field(default_factory=dict)
    other_names: Mapping[str, str] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, str]) -> Labels:
        """The same, for columns that are called otherwise: {name in the file: new name}."""
        return Labels(
            {names.get(column, column): label for column, label in self.variables.items()},
            {names.get(column, column): codes for column, codes in self.values.items()},
            {names.get(column, column): ranges for column, ranges in self.missing.items()},
            {other: names.get(column, column) for other, column in self.other_names.items()},
        )


def is_declared(value: Any, ranges: Ranges) -> bool:
    """True if a code lies in one of the runs that a file declares as missing.

    >>> is_declared(98, ((97, 99),)), is_declared(".a", ((".a", ".a"),)), is_declared("x", ((97, 99),))
    (True, True, False)
    """
    return any(
        isinstance(value, str) == isinstance(low, str) and low <= value <= high  # texts and numbers have no order
        for low, high in ranges
    )


def read_labelled(content: bytes, name: str, encoding: str | None = None) -> tuple[pd.DataFrame, Labels, str]:
    """An SPSS (.sav, .zsav) or Stata (.dta) file: its cells as stored, its labels, and its encoding.

    Numbers stay numbers: nothing is replaced by its label. Whole numbers are given as integers. Codes that the file
    declares as missing stay too and are listed in :attr:`Labels.missing`; Stata's ``.a`` to ``.z`` are the texts
    ".a" to ".z". Dates become dates. What the program itself counts as missing is blank.

    Parameters
    ----------
    content : the file's bytes
    name : the file's name; its ending tells the kind
    encoding : only for files of old versions that do not name their own

    Raises
    ------
    DataError
        If the file is damaged or holds no variables or rows.
    SpecError
        If the package that reads these files is not installed.
    """
    try:
        import pyreadstat
    except ImportError as error:
        raise missing_extra("pyreadstat", "files", "Reading SPSS and Stata files") from error
    read = pyreadstat.read_dta if name.lower().endswith(".dta") else pyreadstat.read_sav
    try:
        frame, told = read(io.BytesIO(content), user_missing=True, encoding=encoding)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, LookupError, ValueError) as error:
        raise DataError(
            f"{name} cannot be read ({error}). Open it in its program and save it again, or name its encoding."
        ) from error
    if frame.empty:
        raise DataError(f"{name} holds no variables, or no rows. Export the data again.")
    tags = {column: {str(letter) for letter in letters} for column, letters in told.missing_user_values.items()}
    columns = {column: _cells(frame[column], tags.get(column, set())) for column in frame.columns}
    values = {column: dict(names) for column, names in told.variable_value_labels.items()}
    variables = {column: label for column, label in told.column_names_to_labels.items() if label}
    labels = Labels(variables, values, _missing(told.missing_ranges, tags))
    return pd.DataFrame(columns), labels, str(encoding or told.file_encoding or "").lower()


def _cells(column: pd.Series, tags: set[str]) -> pd.Series:
    """Stored numbers as integers where they are whole; Stata's tagged missing values as texts with their dot."""
    if tags:
        tagged = [f".{cell}" if isinstance(cell, str) and cell in tags else cell for cell in column]
        return pd.Series(tagged, dtype=object, index=column.index)
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all() and column.abs().max() < 2**53:
        return column.astype("Int64" if column.hasnans else "int64")
    return column


def _missing(ranges: Mapping[str, Any], tags: Mapping[str, set[str]]) -> dict[str, Ranges]:
    found = {column: tuple((run["lo"], run["hi"]) for run in runs) for column, runs in ranges.items()}
    return found | {column: tuple((f".{letter}", f".{letter}") for letter in sorted(s)) for column, s in tags.items()}
