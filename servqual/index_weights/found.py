"""What a way of weighing is asked, what it hands over, and how its tables are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from servqual.index_weights.simplex import Array
from survey_design.errors import DataError, SpecError, check_columns
from survey_design.results import Column, Result, Text, is_missing, say

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Asked:
    """What was asked of a way of weighing.

    Attributes
    ----------
    indicators : which, in their order; None for all that the table has
    unit : column with the expert or the unit; None for the index
    better : "lower" for indicators of which less is better
    labels : of the indicators
    level, replicates, seed : of the intervals
    """

    indicators: tuple[str, ...] | None = None
    unit: str | None = None
    better: Mapping[str, Direction] = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    level: float = 0.95
    replicates: int = 1000
    seed: int = 0

    def label(self, name: str, language: str) -> str:
        """What an indicator is called."""
        return say(self.labels.get(name, {"en": name}), language)

    def listed(self, names: Sequence[str]) -> dict[str, str]:
        """Several indicators in words, in both languages."""
        return {language: glue.join(self.label(name, language) for name in names)
                for language, glue in (("en", ", "), ("zh", "、"))}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Found:
    """Weights, and what must be known of them.

    Attributes
    ----------
    names, weights : (k,) indicators; weights are 0 or more and sum to 1
    low, high : (k,) interval, nan where there is none
    n, n_dropped : experts or units, and those left out
    more : columns of the method: name -> (k,) values
    reason : (k,) why a row must be read with care
    draws : (replicates, k) weights of bootstrap samples; empty without
    units : who the rows were
    how : how the intervals were made
    remarks : what the note says
    consistency, rounds, components : tables of the methods that have them
    """

    names: tuple[str, ...]
    weights: Array
    low: Array
    high: Array
    n: int
    n_dropped: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)
    reason: Sequence[str] = ()
    draws: Array = field(default_factory=lambda: np.empty((0, 0)))
    units: tuple[Any, ...] = ()
    how: Text = field(default_factory=dict)
    remarks: tuple[Text, ...] = ()
    consistency: Result | None = None
    rounds: Result | None = None
    components: Result | None = None


class Method(Protocol):
    """A way of weighing indicators."""

    @property
    def name(self) -> str:
        """Its word."""

    @property
    def title(self) -> Text:
        """What it is called."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its own columns."""

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from a table."""


def column(name: str, en: str, zh: str, decimals: int = 3) -> Column:
    """A column of numbers of a method."""
    return Column(name, {"en": en, "zh": zh}, "number", decimals=decimals)


def without_interval(k: int) -> Array:
    """(k,) nan."""
    return np.full(k, np.nan)


@dataclass(frozen=True, eq=False)
class NumberTable:
    """Rows of experts or units by indicators, as numbers; nan where a cell was empty."""

    values: Array
    units: tuple[Any, ...]
    names: tuple[str, ...]
    lines: tuple[int, ...]

    def case(self, i: int, j: int, problem: str) -> dict[str, Any]:
        """One offending cell."""
        return {"unit": self.units[i], "row": self.lines[i], "column": self.names[j], "value": self.values[i, j],
                "problem": problem}  # fmt: skip


def read_numbers(table: Any, asked: Asked, where: str, aside: Sequence[str] = ()) -> NumberTable:
    """The indicators' columns of a frame as numbers, or an error that lists every cell that is none.

    Parameters
    ----------
    aside : columns that are no indicators
    """
    if not isinstance(table, pd.DataFrame):
        raise SpecError(f"{where} must be a DataFrame: a row for each, a column for each indicator.")
    taken = [name for name in (asked.unit, *aside) if name]
    check_columns(taken, table.columns, where)
    twice = [str(name) for name in table.columns[table.columns.duplicated()]]
    if twice:
        raise DataError(f"{where}: columns there twice: {', '.join(twice)}. Give each a name of its own.",
                        pd.DataFrame({"column": twice, "problem": "there twice"}))  # fmt: skip
    present = {str(name): name for name in table.columns if name not in taken}
    names = tuple(present) if asked.indicators is None else tuple(asked.indicators)
    check_columns(names, [*present], where)
    unknown = [name for name in asked.better if name not in names]
    if unknown:
        raise SpecError(f"better= names {', '.join(unknown)}, which are no indicators. Indicators: {', '.join(names)}.")
    if len(names) < 2 or len(set(names)) < len(names):
        raise SpecError(f"{where}: weights need two or more indicators, each once; got {', '.join(names) or 'none'}.")
    units = tuple(table[asked.unit] if asked.unit else table.index)
    shown = pd.DataFrame({name: table[present[name]].to_numpy() for name in names})
    values = shown.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    read = NumberTable(values, units, names, tuple(range(2, len(table) + 2)))
    wrong = np.argwhere((np.isnan(values) & shown.notna().to_numpy()) | np.isinf(values))
    words = [
        name
        for j, name in enumerate(names)
        if len(table) and np.isnan(values[:, j]).all() and shown[name].notna().any()
    ]
    named = (
        f"If {words[0]!r} names the rows, pass unit={words[0]!r}" if words and asked.unit is None else "Correct them"
    )
    refuse([{**read.case(i, j, "no number"), "value": shown.iat[i, j]} for i, j in wrong], where,
           f"{named}, or name the indicators with indicators=")  # fmt: skip
    return read


def cell_words(value: Any) -> str:
    """A cell as a reader knows it: blank, a plain number, or its text in quotes.

    >>> cell_words(np.float64("nan")), cell_words(np.float64(20.0)), cell_words("a third")
    ('blank', '20', "'a third'")
    """
    if is_missing(value):
        return "blank"
    return f"{value:g}" if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) else repr(value)


def refuse(faults: Sequence[Mapping[str, Any]], where: str, advice: str) -> None:
    """An error that says every offending cell; nothing where there is none."""
    if not faults:
        return
    said = [
        f"{f['column']} of {f['unit']!r} (row {f['row']}) is {cell_words(f['value'])}: {f['problem']}" for f in faults
    ]
    more = f"; and {len(said) - 8} more" if len(said) > 8 else ""
    count = f"{len(said)} {'cell' if len(said) == 1 else 'cells'} can't be used"
    raise DataError(f"{where}: {count}: {'; '.join(said[:8])}{more}. {advice}.", pd.DataFrame(list(faults)))
