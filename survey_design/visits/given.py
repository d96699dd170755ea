"""Tables as they are given: a frame, or a file that holds one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from survey_design.errors import SpecError, raise_faults

Given = pd.DataFrame | str | Path


def as_table(given: Any, name: str) -> pd.DataFrame:
    """The frame, or that of a file (CSV, Excel, ...), whose blank cells are missing.

    >>> as_table("data/sample/inspectors.csv", "inspectors").columns.tolist()
    ['inspector', 'agency', 'home', 'capacity', 'ties']
    """
    if isinstance(given, pd.DataFrame):
        return given
    if not isinstance(given, (str, Path)):
        raise SpecError(
            f"{name}={type(given).__name__} is no table. Give a pandas DataFrame, or the path of a CSV or Excel file."
        )
    from survey_design.files.table import read_table

    frame = read_table(given)[0]
    return frame.mask(frame.astype(str).apply(lambda column: column.str.strip()) == "", np.nan)


def with_numbers(frame: pd.DataFrame, columns: Mapping[str, str], who: str, where: str) -> pd.DataFrame:
    """The frame with numbers in these columns, as far as it has them; blank stays missing, words are named.

    Parameters
    ----------
    frame : a table
    columns : column -> what it holds, in words
    who : column with the name of a row
    where : whose table it is

    >>> with_numbers(
    ...     pd.DataFrame({"store": ["S1", "S2"], "traffic": ["90", ""]}), {"traffic": "people"}, "store", "the stores"
    ... )["traffic"].tolist()
    [90.0, nan]
    """
    faults: list[Mapping[str, Any]] = []
    read = {}
    for column, what in columns.items():
        if column in frame:
            cells = frame[column]
            blank = cells.isna() | (cells.astype(str).str.strip() == "")
            read[column] = pd.to_numeric(cells.mask(blank), errors="coerce")
            for k in np.flatnonzero(read[column].isna() & ~blank):
                faults.append({who: str(frame[who].iloc[k]), "row": int(k) + 2, "column": column, "value": cells.iloc[k],
                               "problem": f"{what} must be a number"})  # fmt: skip
    raise_faults(faults, where)
    return frame.assign(**read)
