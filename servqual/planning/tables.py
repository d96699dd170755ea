"""What do the files of a plan hold, and do they have the columns that study.toml names?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from servqual.planning.asked import StudyPlan
from survey_design.errors import DataError, SpecError, check_columns
from survey_design.files.table import Source, read_table

STORE_WEIGHT = "store_weight"
HOURLY = ("store", "day", "hour", "leavers")  # what a timetable is made from
NAMING = ("file", "encoding", "sheet", *HOURLY)  # keys of [plan.intercepts] that say how to read its file
_MADE = (STORE_WEIGHT, "inclusion_probability", "weight")  # columns that the draw of stores makes
_UNITS = "the list of units"  # what functions that draw call a list of which they know no name


def tables_of(plan: StudyPlan) -> tuple[dict[str, pd.DataFrame], tuple[Source, ...]]:
    """The tables of all parts that name a file, with the columns they need; and what they were read from.

    Raises
    ------
    DataError
        With all columns that are missing, of all files at once.
    """
    read = {name: _read(plan, name) for name, asked in plan.sections.items() if "file" in asked}
    wanted = {name: _wanted(plan, name, frame) for name, (frame, _) in read.items()}
    _check(plan, {name: frame for name, (frame, _) in read.items()}, wanted)
    tables = {name: _needed(name, frame, wanted[name]) for name, (frame, _) in read.items()}
    return tables, tuple(source for _, source in read.values())


def column(plan: StudyPlan, what: str) -> str:
    """The name of a column of the list of stores: the one given, or the word itself."""
    return str(plan.sections.get("stores", {}).get(what, what))


def numbers(column: pd.Series) -> pd.Series:
    """The column as numbers, if every cell is one and none has leading zeros, as codes may have.

    >>> numbers(pd.Series(["1", "2"])).tolist(), numbers(pd.Series(["01", "02"])).tolist()
    ([1, 2], ['01', '02'])
    """
    texts = column.astype(str).str.strip()
    if column.isna().all() or texts.str.fullmatch(r"0\d+.*").any():
        return column
    found = pd.to_numeric(column, errors="coerce")
    return found if found.notna().all() else column


@contextmanager
def named_file(file: str) -> Iterator[None]:
    """Calls a list by its file's name where a function that draws from it has something to say about it."""
    try:
        yield
    except (DataError, SpecError) as error:
        message = str(error).replace(_UNITS, file)
        if message == str(error):
            raise
        if isinstance(error, SpecError):
            raise SpecError(message) from error
        raise DataError(message, error.cases.replace({"file": {_UNITS: file}})) from error


def _read(plan: StudyPlan, section: str) -> tuple[pd.DataFrame, Source]:
    """The file of a section, texts that are numbers as numbers."""
    asked = plan.sections[section]
    reading = {key: asked[key] for key in ("encoding", "sheet") if key in asked}
    with plan.at(f"[plan.{section}] file"):
        frame, source = read_table(asked["file"], **reading)
    return frame.apply(numbers), source


def _wanted(plan: StudyPlan, section: str, frame: pd.DataFrame) -> list[str]:
    """The columns that a section names."""
    asked = plan.sections[section]
    if section == "regions":
        size = [asked["size"]] if "size" in asked else []
        return [asked.get("region", "region"), *size, *(name for each in asked["criteria"].values() for name in each)]
    if section == "stores":
        named = [asked[key] for key in ("strata", "area_type", "region", "size") if key in asked]
        return list(dict.fromkeys([column(plan, "store"), *named, *asked.get("order", ()), *asked.get("balance", ())]))
    store = "store" if "store" in frame else column(plan, "store")
    names = {"store": store, **{name: name for name in HOURLY[1:]}, **asked}
    return [names[name] for name in HOURLY]


def _check(plan: StudyPlan, tables: dict[str, pd.DataFrame], wanted: dict[str, list[str]]) -> None:
    """Refuse columns that are missing, or that the draw of stores will make."""
    said, cases = [], []
    for name, frame in tables.items():
        try:
            with plan.at(f"[plan.{name}]"):
                check_columns(wanted[name], frame.columns, plan.sections[name]["file"].name)
        except DataError as error:
            said.append(str(error))
            cases.append(error.cases)
    if said:
        raise DataError("\n".join(said), pd.concat(cases, ignore_index=True))
    taken = [made for made in _MADE if made in wanted.get("stores", [])]
    if taken:
        file = plan.sections["stores"]["file"].name
        raise SpecError(f"{plan.file}, [plan.stores] file: {file} has {', '.join(taken)} already, which the draw makes. "
                        "Rename or remove the column.")  # fmt: skip


def _needed(section: str, frame: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    """The columns that are named, and no others; an hourly table with the names that its timetable reads."""
    if section == "regions":
        return frame
    return frame[wanted].set_axis(list(HOURLY), axis=1) if section == "intercepts" else frame[wanted]
