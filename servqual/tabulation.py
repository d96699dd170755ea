"""How do rows become a table? The numbers of a row, the rows below each other, and what such a table knows of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    NARROW,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Interval,
    Spread,
    Student,
    adjust_p,
    choose_interval,
    is_narrow,
    srs_variance,
    t_pvalue,
    within_one_cluster,
)
from servqual.instruments import Instrument
from servqual.measures import CAUTION, HEADINGS, TOTALS, Basis, Row, What
from servqual.responses import Responses
from survey_design.errors import SpecError, check_choice
from survey_design.results import Column, Estimate, Kind, Language, Result, Text, say

if TYPE_CHECKING:
    from servqual.moments import Moments

Array = NDArray[Any]
Table = Literal["dimensions", "items", "total"]
Shown = TypeVar("Shown", bound=Result)

KIND_OF: Mapping[str, What] = {"dimensions": "dimension", "items": "item", "total": "total"}
_PLAIN: Text = {"en": "", "zh": ""}
_MOST_NAMED = 6
_MOST_KNOWN = 40
_LISTED = {"en": (", ", "{} more", " ({})"), "zh": ("、", "另 {} 行", "（{}）")}


# --- what a table of estimates knows of itself -------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class IntervalTable(Result):
    """Numbers with intervals: how these were made, and the note that says so.

    Attributes
    ----------
    level : confidence of the intervals
    interval : how they were made
    remarks : what the note says of the base and the design
    cautious : True where selection was not by probability, so that the note warns
    """

    level: float = 0.95
    interval: Interval = field(default_factory=Student)
    remarks: tuple[Text, ...] = ()
    cautious: bool = False

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return self.interval.sentence(self.language)

    @property
    def caution(self) -> str:
        """What the intervals leave out where selection was not by probability; empty where it was."""
        return say(CAUTION, self.language) if self.cautious else ""

    def about(self) -> tuple[Text, ...]:
        """What a table adds to its note after the intervals: how its tests were corrected, how it must be read."""
        return ()

    def note(self) -> str:
        return self.noted(*self.remarks, self.how(), *self.about())

    def noted(self, *parts: Text | str) -> str:
        """Parts of a note in one sentence, and the caution after it."""
        glue, stop = ("；", "。") if self.language == "zh" else ("; ", ". ")
        return (glue.join(say(part, self.language) for part in parts) + stop + self.caution).rstrip()

    def how(self, kind: Text = _PLAIN) -> str:
        """Level and method of the intervals; ``kind`` is said after the word interval."""
        percent, kind_of = f"{100 * self.level:g}%", say(kind, self.language)
        return f"{percent} 区间{kind_of}；{self.method}" if self.language == "zh" else (
            f"{percent} intervals{kind_of}; {self.method}")  # fmt: skip

    def reasons(self, words: Mapping[str, Text] = NUMBER_COLUMNS["reason"].words) -> tuple[Column, ...]:
        """The column of reasons, where any row has one."""
        return (replace(NUMBER_COLUMNS["reason"], words=words),) if self.frame["reason"].any() else ()

    def mixed_reasons(self) -> tuple[Column, ...]:
        """The column of reasons, where rows differ in it."""
        return (NUMBER_COLUMNS["reason"],) if self.frame["reason"].nunique() > 1 else ()

    def as_estimate(self, row: pd.Series, value: str, of: str = "", words: Mapping[str, Text] = REASONS) -> Estimate:
        """One row as an estimate of ``value``, whose error stands in the columns that begin with ``of``."""
        se, low, high, df, deff, reason = (row[f"{of}{name}"] for name in ("se", "low", "high", "df", "deff", "reason"))
        return Estimate(row[value], se, low, high, int(row["n"]), df, self.level, row.get(f"{of}p", np.nan), deff,
                        self.method, say(words[reason], self.language))  # fmt: skip

    def bounded(self, row: pd.Series, name: str, kind: Kind) -> str:
        """A number with its bounds in brackets, from the columns ``name``, ``name_low`` and ``name_high``; alone where it has none."""
        shown = [Column("", {}, kind).show(row[each], self.language) for each in (name, f"{name}_low", f"{name}_high")]
        if not np.isfinite(row[f"{name}_low"]):
            return shown[0]
        return "{}（{} 至 {}）".format(*shown) if self.language == "zh" else "{} ({} to {})".format(*shown)

    def nothing(self, place: str, what: str, why: str) -> str:
        """The sentence of a row that has no number, such as no score."""
        return f"{place}：无法计算（{why}）。" if self.language == "zh" else f"{place}: no {what} can be given ({why})."

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return translated(self, language)


@dataclass(frozen=True, eq=False, repr=False)
class Estimates(IntervalTable):
    """Numbers with intervals, in one or several groups: one row each and per group.

    Attributes
    ----------
    by, by_columns : the split columns, and what they are called
    level, interval, remarks, cautious : as in :class:`IntervalTable`
    """

    by: tuple[str, ...] = ()
    by_columns: tuple[Column, ...] = ()

    def split(self) -> str:
        """The split columns in words; empty where there are none."""
        headings = [column.heading(self.language) for column in self.by_columns]
        return ("、" if self.language == "zh" else ", ").join(headings)

    def titled(self, title: Text) -> str:
        """A title, and after it the split columns."""
        name, split = say(title, self.language), self.split()
        if not split:
            return name
        return f"{name}（按{split}）" if self.language == "zh" else f"{name}, by {split}"

    def group(self, values: Sequence[Any]) -> str:
        """The values of the split columns in words."""
        named = [column.show(value, self.language) for column, value in zip(self.by_columns, values, strict=True)]
        return ("、" if self.language == "zh" else ", ").join(named)

    def beside(self, label: str, row: Mapping[str, Any] | pd.Series) -> str:
        """The label of a row and, in brackets, its group."""
        group = self.group([row[column.name] for column in self.by_columns])
        if not group:
            return label
        return f"{label}（{group}）" if self.language == "zh" else f"{label} ({group})"

    def find(self, column: str, key: Any, group: Mapping[str, Any], listed: str = "Rows") -> pd.Series:
        """The first row with this key in this group, which has one value for each split column."""
        return self.find_all(column, key, group, listed).iloc[0]

    def find_all(self, column: str, key: Any, group: Mapping[str, Any], listed: str = "Rows") -> pd.DataFrame:
        """The rows with this key in this group; ``listed`` is what the keys are called where there is no such row."""
        if set(group) != set(self.by):
            wanted, given = ", ".join(self.by) or "no column", ", ".join(group) or "none"
            raise SpecError(f"name one value for each of {wanted}; got {given}.")
        hit = self.frame[column] == key
        for name, value in group.items():
            hit &= self.frame[name] == value
        if not hit.any():
            raise SpecError(self._no_row(column, key, group, listed))
        return self.frame[hit]

    def _no_row(self, column: str, key: Any, group: Mapping[str, Any], listed: str) -> str:
        """Why a row is not found: its key, a value of a split column, or that the two do not meet; and what there is."""
        named = (
            f"{key!r} with {', '.join(f'{name}={value!r}' for name, value in group.items())}" if group else repr(key)
        )
        if not (self.frame[column] == key).any():
            return f"there is no row {named}. {listed}: {_listed(self.frame[column])}."
        unknown = [name for name, value in group.items() if not (self.frame[name] == value).any()]
        if not unknown:
            return f"there is no row {named}: these values do not occur together."
        values = "; ".join(f"{name} has {_listed(self.frame[name])}" for name in unknown)
        return f"there is no row {named}: {values}."


@dataclass(frozen=True, eq=False, repr=False)
class MeasureTable(Estimates):
    """Rows of items, dimensions or totals, per group: what any such table knows of itself."""

    instrument: Instrument | None = None
    what: What = "dimension"

    def headed(self, subject: Text, overall: str = "{}, overall") -> str:
        """A title: the subject, by what kind of row, and by which split columns; ``overall`` frames a total in English."""
        kind, split, whole = say(HEADINGS[self.what], self.language), self.split(), self.what == "total"
        if self.language == "zh":
            return ("总体" if whole else f"各{kind}的") + subject["zh"] + (f"（按{split}）" if split else "")
        named = [*([] if whole else [kind]), *([split] if split else [])]
        head = overall.format(subject["en"]) if whole else subject["en"]
        return head + (f" by {' and '.join(named)}" if named else "")

    def words(self) -> dict[str, Text]:
        """Labels of the rows."""
        return dict(TOTALS) if self.what == "total" else dict(self.instrument.words() if self.instrument else {})

    def labels(self) -> tuple[Column, ...]:
        """The columns that say which row it is."""
        return (*self.by_columns, Column(self.what, HEADINGS[self.what], "text", self.words()))

    def label(self, key: str) -> str:
        """What a row is called."""
        return say(self.words().get(key, {"en": key}), self.language)

    def row(self, key: str, group: Mapping[str, Any]) -> pd.Series:
        """The numbers of one row, named by its id and one value for each split column."""
        return self.find(self.what, key, group)

    def place(self, row: pd.Series) -> str:
        """Label of a row and, in brackets, of its group."""
        return self.beside(self.label(row[self.what]), row)


@dataclass(frozen=True, eq=False, repr=False)
class MeasureScores(Result):
    """The three tables of a study, shown as dimensions and totals below each other."""

    dimensions: Any = None
    items: Any = None
    total: Any = None
    responses: Responses = None  # type: ignore[assignment]
    basis: Basis = None  # type: ignore[assignment]
    interval: Interval = None  # type: ignore[assignment]

    @property
    def by(self) -> tuple[str, ...]:
        """The split columns."""
        return self.dimensions.by

    @property
    def level(self) -> float:
        """Confidence of the intervals."""
        return self.dimensions.level

    def title(self) -> str:
        return self.dimensions.title()

    def columns(self) -> tuple[Column, ...]:
        words = {**self.dimensions.words(), **TOTALS}
        shown = replace(self.dimensions, frame=self.frame).columns()
        return tuple(replace(column, words=words) if column.name == "dimension" else column for column in shown)

    def note(self) -> str:
        return self.dimensions.note()

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return translated(self, language)

    def to_frame(self, table: Table = "dimensions") -> pd.DataFrame:
        """The tidy table of ``"dimensions"``, ``"items"`` or ``"total"`` at full precision."""
        return self.table(table).to_frame()

    def table(self, table: Table) -> Any:
        """One of the three tables."""
        check_choice("table", table, Table)
        return getattr(self, table)

    def sentence(self, key: str, **group: Any) -> str:
        """One dimension, item or total (``"mean"``, ``"sum"``, ``"weighted"``) in words, with its interval and base."""
        for table in (self.dimensions, self.items, self.total):
            if (table.frame[table.what] == key).any():
                return table.sentence(key, **group)
        return self.dimensions.sentence(key, **group)

    def rising(self, column: str) -> list[str]:
        """Every dimension in words, that with the lowest value of a column first."""
        frame = self.dimensions.frame.sort_values(column, kind="stable")
        return [self.dimensions.sentence(row["dimension"], **{name: row[name] for name in self.by})
                for _, row in frame.iterrows()]  # fmt: skip


def translated(result: Shown, language: Language) -> Shown:
    """A result and all results it holds, shown in English or Chinese."""
    values = {part.name: getattr(result, part.name) for part in fields(result)}
    parts: dict[str, Any] = {name: value.in_language(language) for name, value in values.items()
                             if isinstance(value, (Result, Responses))}  # fmt: skip
    return replace(result, language=language, **parts)


def _listed(values: pd.Series) -> str:
    """What a column holds, each once; the first of many."""
    known = [str(value) for value in dict.fromkeys(values)]
    return ", ".join(known[:_MOST_KNOWN]) + (
        f", and {len(known) - _MOST_KNOWN} more" if len(known) > _MOST_KNOWN else ""
    )


# --- from what was asked for -------------------------------------------------------------------------------


def split_columns(by: str | Sequence[str] | None) -> tuple[str, ...]:
    """The split columns, however they were given."""
    if by is None:
        return ()
    return (by,) if isinstance(by, str) else tuple(by)


def check_split(by: Sequence[str], taken: Sequence[str]) -> None:
    """Refuse split columns that bear the name of a column of the result."""
    both = [name for name in by if name in taken]
    if both:
        raise SpecError(f"by={', '.join(both)}: tables have a column of that name. Rename it in the data.")


def suited_interval(responses: Responses, interval: Interval | None) -> Interval:
    """The interval asked for, else the one that suits the first file with a design."""
    designs = [side.design for side in responses.sides]
    calibrated = [design for design in designs if design.margins is not None]
    described = [design for design in designs if not design.is_simple]
    return choose_interval((calibrated + described + designs)[0], interval)


def narrow_remarks_of(
    moments: Moments,
    df: Mapping[tuple[Any, ...], Array],
    interval: Interval,
    columns: Sequence[Column] = (),
) -> tuple[Text, ...]:
    """That few clusters carry the weight of some groups, and which; empty where they don't.

    Parameters
    ----------
    df : (m,) degrees of freedom that each group's intervals use, by its values of the split columns
    columns : the split columns
    """
    if isinstance(interval, Student):
        return ()  # says itself that clusters are not counted
    found = [group for group, used in df.items()
             if not within_one_cluster(moments, [group]) and is_narrow(moments, [[[group]]], used)]  # fmt: skip
    return (narrow_words(found, columns),) if found else ()


def narrow_words(groups: Sequence[tuple[Any, ...]], columns: Sequence[Column]) -> Text:
    """That few clusters carry the weight of these groups, in words."""
    said: dict[str, str] = {}
    for language, (glue, more, frame) in _LISTED.items():
        named = [" ".join(c.show(value, language) for c, value in zip(columns, group, strict=True)) for group in groups]
        rest = [more.format(len(named) - _MOST_NAMED)] if len(named) > _MOST_NAMED else []
        listed = glue.join([*named[:_MOST_NAMED], *rest])
        said[language] = NARROW[language].format(rows=frame.format(listed) if columns else "")
    return said


# --- from numbers to rows ----------------------------------------------------------------------------------


def table_of(basis: Basis, lines: Sequence[Mapping[str, Array]], what: What, adjust: Adjust) -> pd.DataFrame:
    """The table of one kind of measure: its lines of every group below each other."""
    chosen, names = basis.index(what), [basis.measures[k].id for k in basis.index(what)]
    frame = pd.DataFrame({
        **{by: np.repeat([label[k] for label in basis.labels], len(chosen)) for k, by in enumerate(basis.by)},
        what: names * len(lines),
        **{name: np.concatenate([line[name][chosen] for line in lines]) for name in lines[0]},
    })  # fmt: skip
    if what == "total":  # mean and sum ask the same question: each is corrected for its groups only
        adjusted = frame.groupby("total", sort=False)["p"].transform(lambda p: adjust_p(p.to_numpy(), adjust))
    else:
        adjusted = pd.Series(adjust_p(frame["p"].to_numpy(), adjust))
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjusted)
    return frame


def stacked(tables: Mapping[str, MeasureTable]) -> pd.DataFrame:
    """Dimensions and totals below each other, totals in the column of the dimensions."""
    totals = tables["total"].frame.rename(columns={"total": "dimension"})
    return pd.concat([tables["dimensions"].frame, totals]).reset_index(drop=True)


def row_numbers(basis: Basis, row: Row, spread: Spread, lone: bool, level: float) -> dict[str, Array]:
    """The numbers of one group, for all measures."""
    df, gap = spread.df, row.gap
    se = np.where((df > 0) & np.isfinite(gap), spread.se, np.nan)
    low, high = (np.where(np.isfinite(gap), bound, np.nan) for bound in spread.bounds(gap, level))
    n, n_e = row.n_perception, row.n_expectation
    with np.errstate(invalid="ignore", divide="ignore"):
        known = (se > 0) & ~basis.without_reference[row.measures]
        deff = np.where(known, se**2 / srs_variance(basis.moments, row.all_terms), np.nan)
    two_files = {"n_expectation": n_e.astype(int)} if basis.fixed is None and not basis.paired else {}
    return {
        "expectation": row.expectation,
        "perception": row.perception,
        "gap": gap,
        "se": se,
        "low": low,
        "high": high,
        "n": n.astype(int),
        **two_files,
        "df": df,
        "p": t_pvalue(gap, se, df),
        "deff": deff,
        "reason": why_missing(n, n_e, df, se, lone),
    }


def why_missing(n: Array, n_e: Array, df: Array, se: Array, lone: bool) -> Array:
    """(m,) key of the reason why a number is missing, or how it must be read; "" where nothing is to say."""
    with np.errstate(invalid="ignore"):
        flat = se == 0
    rules = [(n + n_e == 0, "nobody"), ((n == 0) | (n_e == 0), "one side"), (((n == 1) | (n_e == 1)) & ~(df > 0), "one answer"),
             (~(df > 0), "no df"), (np.isnan(se) & (n > 0), "empty replicates"), (flat, "no variation")]  # fmt: skip
    return np.select([rule for rule, _ in rules], [name for _, name in rules], "one cluster" if lone else "")
