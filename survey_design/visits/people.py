"""Stores and inspectors as they are given, checked once: every fault is named before anything is planned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_columns, raise_faults
from survey_design.results import is_missing
from survey_design.visits.given import Given, as_table, renamed, with_numbers

Array = NDArray[Any]
_SEPARATORS = re.compile(r"[;；、|]")


@dataclass(frozen=True, eq=False)
class People:
    """Stores, inspectors, and what is between them.

    Attributes
    ----------
    stores, inspectors : the tables with ``store, area`` and ``inspector, capacity``, names as text
    areas : names of the areas
    area : (s,) number of the area of each store
    allowed : (s, i) no tie, within the inspector's areas, a common language
    travel : (s, i) the way from the inspector's home
    closed_weekdays : (s,) weekdays on which a store is closed
    """

    stores: pd.DataFrame
    inspectors: pd.DataFrame
    areas: tuple[str, ...]
    area: Array
    allowed: Array
    travel: Array
    closed_weekdays: tuple[tuple[int, ...], ...]


def read_people(stores: pd.DataFrame, inspectors: pd.DataFrame, travel: Given | None) -> People:
    """Stores and inspectors of a plan under our names, with all faults named at once."""
    check_columns(["store", "area"], stores.columns, "stores")
    check_columns(["inspector", "capacity"], inspectors.columns, "inspectors")
    if not len(stores) or not len(inspectors):
        raise DataError(f"There are no {'inspectors' if len(stores) else 'stores'}: a plan needs at least one.",
                        pd.DataFrame({"file": ["inspectors" if len(stores) else "stores"], "problem": ["no rows"]}))  # fmt: skip
    ways = None if travel is None else read_travel(_square(travel))
    known = set(stores["area"].dropna().astype(str)) if ways is None else set(ways.index)
    raise_faults(_store_faults(stores, None if ways is None else known), "the stores")
    store, area = stores["store"].astype(str), stores["area"].astype(str)
    raise_faults(_inspector_faults(inspectors, known, set(store) | set(area)), "the inspectors")
    stores = with_numbers(stores, {"traffic": "traffic"}, "store", "the stores")
    inspectors = with_numbers(inspectors, {"capacity": "visits a month"}, "inspector", "the inspectors")
    areas = tuple(dict.fromkeys(area))
    home = [None if is_missing(name) else str(name) for name in inspectors.get("home", [None] * len(inspectors))]
    return People(
        stores.assign(store=store, area=area).reset_index(drop=True),
        inspectors.assign(inspector=inspectors["inspector"].astype(str)).reset_index(drop=True), areas,
        pd.Index(areas).get_indexer(pd.Index(area)), _allowed(stores, store, area, inspectors), _ways(area, home, ways),
        tuple(_weekdays(cell) for cell in stores["closed_weekdays"]) if "closed_weekdays" in stores else ((),) * len(stores),
    )  # fmt: skip


def names_in(cell: Any) -> tuple[str, ...]:
    """The names in a cell: a list, or a text with ";", "；", "、" or "|" between them.

    >>> names_in("S1; S2"), names_in(["S1"]), names_in(None), names_in("朝阳店、海淀店")
    (('S1', 'S2'), ('S1',), (), ('朝阳店', '海淀店'))
    """
    if isinstance(cell, (list, tuple, set, frozenset, np.ndarray)):
        return tuple(str(name) for name in cell)
    if is_missing(cell):
        return ()
    return tuple(name.strip() for name in _SEPARATORS.split(str(cell)) if name.strip())


def read_travel(travel: pd.DataFrame) -> pd.DataFrame:
    """Costs of the way between areas as a square table: given so, or as rows ``from, to, cost`` (missing ways back are equal).

    >>> read_travel(pd.DataFrame({"from": ["N"], "to": ["S"], "cost": [3]})).loc["S", "N"]
    np.float64(3.0)
    """
    if {"from", "to", "cost"} <= set(travel.columns):
        rows = travel.astype({"from": str, "to": str})
        table = rows.pivot_table(index="from", columns="to", values="cost", aggfunc="last")
        names = sorted(set(table.index) | set(table.columns))
        table = table.reindex(index=names, columns=names)
        table = table.fillna(table.T)
        table = table.mask(np.eye(len(names), dtype=bool) & table.isna().to_numpy(), 0.0)
    else:
        table = travel.set_axis(travel.index.astype(str)).set_axis(travel.columns.astype(str), axis=1)
        if set(table.index) != set(table.columns):
            raise SpecError("travel needs the same areas as rows and as columns, or the columns 'from', 'to', 'cost'.")
        table = table[list(table.index)]
    costs = table.to_numpy(dtype=float)
    if not (np.isfinite(costs).all() and (costs >= 0).all()):
        at = np.argwhere(~(np.isfinite(costs) & (costs >= 0)))[:8]
        named = ", ".join(f"{table.index[a]} to {table.columns[b]}" for a, b in at)
        raise DataError(f"travel needs a cost from 0 for every way; not so: {named}.",
                        pd.DataFrame([{"from": table.index[a], "to": table.columns[b], "value": costs[a, b],
                                       "problem": "no cost"} for a, b in at]))  # fmt: skip
    return table.astype(float)


def _square(travel: Given) -> pd.DataFrame:
    """Costs of the way as they are given; a file's first column names the rows of a square table, its costs become numbers."""
    table = as_table(travel, "travel")
    if {"from", "to", "cost"} <= set(rows := renamed(table, {})):
        table = rows
    if isinstance(travel, pd.DataFrame):
        return table
    if {"from", "to", "cost"} <= set(table.columns):
        return table.assign(cost=pd.to_numeric(table["cost"], errors="coerce"))
    return table.set_index(table.columns[0]).apply(pd.to_numeric, errors="coerce")


def _store_faults(stores: pd.DataFrame, known: set[str] | None) -> list[Mapping[str, Any]]:
    faults: list[Mapping[str, Any]] = []
    names = stores["store"]
    problems = [("store", names.isna(), "has no name"), ("store", names.astype(str).duplicated(), "is listed twice"),
                ("area", stores["area"].isna(), "has no area")]  # fmt: skip
    if known is not None:
        problems.append(
            (
                "area",
                ~stores["area"].astype(str).isin(known) & stores["area"].notna(),
                "this area is not in the travel table",
            )
        )
    if "traffic" in stores:
        number = pd.to_numeric(stores["traffic"], errors="coerce")
        blank = stores["traffic"].isna() | (stores["traffic"].astype(str).str.strip() == "")
        problems.append(("traffic", (number.isna() & ~blank) | (number < 0), "is no number from 0"))
    for column, wrong, problem in problems:
        faults += _named(stores, "store", column, wrong.to_numpy(), problem)
    if "closed_weekdays" in stores:
        bad = [any(word not in _WEEKDAYS for word in names_in(cell)) for cell in stores["closed_weekdays"]]
        faults += _named(
            stores, "store", "closed_weekdays", np.array(bad), "write weekdays as 'Mon; Sun' or '周一、周日'"
        )
    return faults


def _inspector_faults(inspectors: pd.DataFrame, areas: set[str], places: set[str]) -> list[Mapping[str, Any]]:
    names, capacity = inspectors["inspector"], pd.to_numeric(inspectors["capacity"], errors="coerce")
    whole = (capacity >= 1) & (capacity == np.floor(capacity)) & np.isfinite(capacity)
    problems = [("inspector", names.isna(), "has no name"), ("inspector", names.astype(str).duplicated(), "is listed twice"),
                ("capacity", ~whole, "visits a month must be a whole number from 1; leave out who makes none")]  # fmt: skip
    faults: list[Mapping[str, Any]] = []
    if "home" in inspectors:
        unknown = inspectors["home"].notna() & ~inspectors["home"].astype(str).isin(areas)
        problems.append(("home", unknown, "is no known area; give travel costs for areas without stores"))
    for column, wrong, problem in problems:
        faults += _named(inspectors, "inspector", column, wrong.to_numpy(), problem)
    for column, expected, what in (("areas", areas, "areas"), ("ties", places, "stores or areas")):
        for row, cell in enumerate(inspectors.get(column, ())):
            unknown_names = [name for name in names_in(cell) if name not in expected]
            if unknown_names:
                wrong_row = np.arange(len(inspectors)) == row
                faults += _named(
                    inspectors, "inspector", column, wrong_row, f"{', '.join(unknown_names)}: no known {what}"
                )
    return faults


def _named(frame: pd.DataFrame, who: str, column: str, wrong: Array, problem: str) -> list[Mapping[str, Any]]:
    return [{who: str(frame[who].iloc[k]), "row": int(k) + 2, "column": column, "value": frame[column].iloc[k], "problem": problem}
            for k in np.flatnonzero(wrong)]  # fmt: skip


def _allowed(stores: pd.DataFrame, store: pd.Series, area: pd.Series, inspectors: pd.DataFrame) -> Array:
    """(s, i) True where no tie, no area and no language forbids."""
    allowed = np.full((len(stores), len(inspectors)), True)
    blank = [None] * len(inspectors)
    for i, (ties, within, spoken) in enumerate(
        zip(*(inspectors.get(name, blank) for name in ("ties", "areas", "languages")), strict=True)
    ):
        tied = set(names_in(ties))
        allowed[:, i] &= ~(store.isin(tied) | area.isin(tied)).to_numpy()
        if names_in(within):
            allowed[:, i] &= area.isin(names_in(within)).to_numpy()
        if "language" in stores and "languages" in inspectors:
            allowed[:, i] &= (
                stores["language"].isna() | stores["language"].astype(str).isin(names_in(spoken))
            ).to_numpy()
    return allowed


def _ways(area: pd.Series, home: Iterable[str | None], ways: pd.DataFrame | None) -> Array:
    """(s, i) cost of the way; 0 at home and 1 elsewhere without a table, 0 for those without a home."""
    columns = [np.zeros(len(area)) if name is None else (area != name).to_numpy(float) if ways is None
               else ways.loc[name].reindex(area).to_numpy(float) for name in home]  # fmt: skip
    return np.column_stack(columns)


_WEEKDAYS = {name: k for names in (("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), tuple(f"周{c}" for c in "一二三四五六日"))
             for k, name in enumerate(names)}  # fmt: skip


def _weekdays(cell: Any) -> tuple[int, ...]:
    return tuple(_WEEKDAYS[word] for word in names_in(cell))


def read_weekdays(given: Iterable[Any], name: str) -> tuple[int, ...]:
    """Closed weekdays as numbers from 0 for Monday.

    >>> read_weekdays(["Sun", "周一"], "closed_weekdays")
    (6, 0)
    """
    words = [str(word) for word in given]
    unknown = [word for word in words if word not in _WEEKDAYS]
    if unknown:
        raise SpecError(f"{name}: {', '.join(unknown)} is no weekday. Write 'Mon' to 'Sun' or '周一' to '周日'.")
    return tuple(_WEEKDAYS[word] for word in words)
