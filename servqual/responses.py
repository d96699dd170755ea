"""What came back: answers joined to the instrument and the sample design, checked once, losing nothing silently."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from servqual.answers import (
    KINDS,
    Codes,
    Question,
    as_codes,
    count_kinds,
    end_of,
    is_blank,
    label_numbers,
    number_of,
    plain_id,
    read_answers,
    text_of,
    texts_of,
)
from servqual.answers import STEPS as ANSWER_STEPS
from servqual.instruments import Instrument
from servqual.layouts import LINE_STEPS, Layout, Long, to_wide
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.columnar import ArrowStream, as_frame, plain, whole
from survey_design.files.labelled import Labels, is_declared
from survey_design.files.table import HEADER_REPEATED, Source, read_table
from survey_design.results import Column, Language, Result, Text, Variable, is_missing, say
from survey_design.sampling import SampleDesign
from survey_design.sampling.margins import Margins

if TYPE_CHECKING:
    from servqual.privacy import PersonalData

Faults = Literal["raise", "set aside"]
PersonalDataRule = Literal["mask", "keep"]
Pairing = Literal["paired", "independent", "expectation only", "perception only"]

_CASES = ["file", "row", "column", "value", "problem"]
DECIMAL_COMMA = "with a decimal comma, write 1.5 for 1,5"
_COMMA = re.compile(r"\d*,\d+")
_COLUMNS_AT_ONCE = 8  # after which rows unlike all others are left aside
_POINT_NOUGHT = re.compile(r"-?\d+\.0+")

STEPS: Mapping[str, Mapping[str, str]] = {
    "read": {"en": "rows read", "zh": "读入行数"},
    "header repeated": {"en": "header repeated", "zh": "重复的表头"},
    "duplicate": {"en": "respondent seen before", "zh": "受访者重复"},
    "design": {"en": "weight, stratum, cluster or population size missing", "zh": "权数、层、群或总体规模缺失"},
    "empty": {"en": "no item answered on the scale", "zh": "没有任何有效的题项回答"},
    "flagged careless": {"en": "flagged careless", "zh": "标记为作答不认真"},
    "kept": {"en": "rows kept", "zh": "保留行数"},
    "asked": {"en": "answers asked of the rows kept", "zh": "保留行应有的回答数"},
    "given": {"en": "given, on the scale", "zh": "有效回答"},
    "blank": {"en": "left blank", "zh": "空白"},
    "missing code": {"en": "declared missing code", "zh": "声明的缺失代码"},
    "don't know": {"en": "don't know", "zh": "不知道"},
    "off scale": {"en": "not on the scale, set aside", "zh": "不在量表上，已搁置"},
    "not a number": {"en": "not a number, set aside", "zh": "不是数字，已搁置"},
}


@runtime_checkable
class FilledForm(Protocol):
    """A filled form as ``survey_design.forms.filled`` hands it over: its answers, where they stood, its "don't know"."""

    @property
    def frame(self) -> pd.DataFrame: ...

    @property
    def dont_know(self) -> tuple[Any, ...]: ...

    @property
    def source(self) -> Source: ...


Answered = str | Path | pd.DataFrame | FilledForm


@dataclass(frozen=True, eq=False, repr=False)
class Ledger(Result):
    """Where every row and every answer went. Frame columns: ``part, step, n``.

    Rows read = rows lost for each reason + rows kept; answers asked = answers given + each kind of missing. A row is
    a respondent's. For a file with one line per answer "rows read" counts respondents, and ``lines`` says what became
    of the file's lines: (step, n), the first of which is all of them; the note tells it. ``margins`` are what weights were
    calibrated to.
    """

    source_name: str = ""
    lines: tuple[tuple[str, int], ...] = ()
    margins: Margins | None = None

    def title(self) -> str:
        return f"去向台账：{self.source_name}" if self.language == "zh" else f"Exclusions ledger: {self.source_name}"

    def columns(self) -> tuple[Column, ...]:
        parts = {"rows": {"en": "rows", "zh": "行"}, "answers": {"en": "answers", "zh": "回答"}}
        return (
            Column("part", {"en": "of", "zh": "对象"}, "text", parts),
            Column("step", {"en": "step", "zh": "步骤"}, "text", STEPS),
            Column("n", {"en": "n", "zh": "数量"}, "count"),
        )

    def count(self, step: str) -> int:
        """How many rows or answers went this way."""
        return int(self.frame.set_index("step")["n"].get(step, 0))

    def adds_up(self) -> bool:
        """True if nothing is lost between what was read and what is accounted for."""
        rows = self.frame[self.frame["part"] == "rows"].set_index("step")["n"]
        answers = self.frame[self.frame["part"] == "answers"].set_index("step")["n"]
        lines = [n for _, n in self.lines]
        return bool(
            rows["read"] == rows.drop("read").sum()
            and answers["asked"] == answers.drop("asked").sum()
            and 2 * sum(lines[:1]) == sum(lines)
        )

    def note(self) -> str:
        if self.language == "zh":
            said = "读入行数 = 各项剔除 + 保留行数；应有回答数 = 有效回答 + 各类缺失。"
            said += f"一行指一位受访者；文件每个回答一行：{self._lines('，')}。" if self.lines else ""
            return said + (f"权数{self.margins.words('zh')}，误差已计入校准。" if self.margins else "")
        said = (
            "Rows read = rows lost for each reason + rows kept; answers asked = answers given + each kind of missing."
        )
        said += f" A row is a respondent; the file has a line per answer: {self._lines(', ')}." if self.lines else ""
        return said + (f" Weights were {self.margins.words()}; errors count that in." if self.margins else "")

    def _lines(self, comma: str) -> str:
        """What became of the file's lines, in words: "120 lines read = 118 …, 2 …"."""
        named = [f"{say(LINE_STEPS[step], self.language)} {n:,}" for step, n in self.lines]
        lost = [words for words, (_, n) in zip(named[1:], self.lines[1:], strict=True) if n]
        return f"{named[0]} = {comma.join(lost)}"


@dataclass(frozen=True, eq=False, init=False)
class Responses:
    """Answers of respondents to an instrument, under a sample design.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; it is not changed
        Or a table of Polars, PyArrow, DuckDB: anything that hands over its columns as an Arrow stream. The same
        data give the same responses whatever held them.
    instrument : Instrument
    design : SampleDesign, optional
        Which columns say how respondents were chosen. Without it they count as independent.
    columns : mapping from the instrument's or design's column name to the name used in the data
    missing_codes, dont_know : codes in the data for "no answer" and "don't know" (numbers or words)
    faults : {"raise", "set aside"}
        What to do with answers off the scale, texts among numbers, repeated respondents and rows that lack a
        weight: raise one error that lists them all, or set them aside and count them in the ledger.
    respondent : column that identifies a respondent; needed to see duplicates
        Without it rows that repeat another in every column are only counted, in ``rows_alike``: with few questions
        two people may well have answered alike.
    variables : names and value labels of other columns, for tables and pictures split by them
        They go before what an SPSS or Stata file says itself.
    value_labels : mapping from words in cells to numbers: {"非常同意": 7}, or per column: {"P_TAN1": {"好": 7}}
        Words for all columns hold for the items and for outcomes on the same scale. The instrument's own words for
        the ends of a scale are understood without being told. "7 - Strongly agree" is a 7 where its words mean 7.
    personal_data : {"mask", "keep"}
        Names, phone numbers, identity numbers, e-mail addresses and the like are replaced by ``[phone]`` and so on in
        every column but the questions and the design, and in the listed faulty cells; a respondent column that holds
        them becomes P0001, P0002, ... (:func:`servqual.privacy.mask_personal_data`).

    Attributes
    ----------
    frame : the rows kept; answers as numbers, reverse items turned round, missing as NaN
    forms : the forms answered
    ledger : Ledger
    cases : DataFrame of the faulty cells that were set aside, and of header rows repeated in the data
    source : Source
    answers_by_kind : DataFrame, a row per question (items and outcomes, by column name), of the rows kept on reading
        Columns ``given, blank, missing code, don't know, off scale, not a number``: how many cells were what, so that
        "don't know" can be shown outside the base. Rows left out later, as careless, are still in it.
    personal_data : what was masked where; None if it was to be kept
    rows_alike : rows that repeat an earlier row in every column, where no ``respondent`` is given: told, not dropped
    expectation : the expectation side, where other people answered that form, else None
    matches : perception item -> expectation item
    unmatched : (form, item) pairs without partner: listed, never summed

    Examples
    --------
    >>> from servqual import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 9] for column in instrument.columns("perception").values()})
    >>> data.loc[2, "P_TAN1"] = 7
    >>> Responses(data, instrument, faults="set aside").ledger.count("off scale")
    21
    >>> words = {"agree": 6}
    >>> Responses(data.replace({5: "agree"}), instrument, faults="set aside", value_labels=words).frame[
    ...     "P_TAN1"
    ... ].tolist()
    [6, 6, 7]
    >>> Responses(data, instrument)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    survey_design.errors.DataError: data frame: 21 faults. P_TAN2: 1 answer outside 1-7 (row 2); ...
    """

    frame: pd.DataFrame
    instrument: Instrument
    design: SampleDesign
    forms: tuple[str, ...]
    ledger: Ledger
    cases: pd.DataFrame
    source: Source
    respondent: str | None
    variables: Mapping[str, Variable]
    expectation: Responses | None
    answers_by_kind: pd.DataFrame
    rows_alike: int = 0
    personal_data: PersonalData | None = None
    matches: Mapping[str, str] = field(default_factory=dict)
    unmatched: tuple[tuple[str, str], ...] = ()

    def __init__(
        self,
        frame: pd.DataFrame | ArrowStream,
        instrument: Instrument,
        design: SampleDesign | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        missing_codes: Sequence[Any] = (),
        dont_know: Sequence[Any] = (),
        faults: Faults = "raise",
        respondent: str | None = None,
        variables: Mapping[str, Variable] | None = None,
        source: Source | None = None,
        value_labels: Mapping[str, Any] | None = None,
        personal_data: PersonalDataRule = "mask",
    ) -> None:
        check_choice("faults", faults, Faults)
        check_choice("personal_data", personal_data, PersonalDataRule)
        _check_kinds(frame, instrument, design, columns, value_labels)
        table = frame if isinstance(frame, pd.DataFrame) else as_frame(frame)
        source = source or Source(n_raw=len(table))
        design = design or SampleDesign()
        check = Check.of(table, instrument, design, columns or {}, respondent, source)
        check = replace(
            check, codes=Codes(as_codes(missing_codes), as_codes(dont_know)), words=dict(value_labels or {})
        )
        personal = None
        if personal_data == "mask":
            check, personal = check.masking()
        reading = check.run()
        if faults == "raise" and (reading.cases["problem"] != HEADER_REPEATED).any():
            raise DataError(_fault_message(reading.cases, source.name), reading.cases)
        if not len(reading.frame):
            raise DataError(nothing_left(reading.ledger, reading.cases, source.name), reading.cases)
        lines = source.lines.counts if source.lines else ()
        values = {
            "frame": reading.frame,
            "instrument": instrument,
            "design": design,
            "forms": reading.forms,
            "ledger": Ledger(reading.ledger, instrument.language, source.name, lines, design.margins),
            "cases": reading.cases,
            "source": source,
            "respondent": respondent,
            "variables": _variables(check.labels, reading, variables or {}),
            "expectation": None,
            "answers_by_kind": reading.answers_by_kind,
            "rows_alike": reading.rows_alike,
            "personal_data": personal,
            "matches": {item.id: item.id for item in instrument.items},
            "unmatched": (),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    streamed = False  # all rows are in memory

    @property
    def n(self) -> int:
        """Respondents kept."""
        return len(self.frame)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the rows kept."""
        return list(self.frame.columns)

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """The rows kept, in one frame; what is too large for memory comes in several, and with these columns only."""
        yield self.frame

    @property
    def language(self) -> Language:
        """The language results are shown in: the instrument's."""
        return self.instrument.language

    @property
    def pairing(self) -> Pairing:
        """Whether the same people answered both forms."""
        if self.expectation is not None:
            return "independent"
        both = {"expectation", "perception"} <= set(self.forms)
        if both:
            return "paired"
        return "perception only" if "perception" in self.forms else "expectation only"

    @property
    def sides(self) -> tuple[Responses, ...]:
        """The files behind these responses: one, or perception and expectation."""
        return (self,) if self.expectation is None else (self, self.expectation)

    def column_of(self, name: str) -> Column:
        """How a column of the data is headed and its codes are named in results."""
        return self.variables.get(name, Variable()).column(name)

    def in_language(self, language: Language) -> Responses:
        """The same answers; results built on them show themselves in this language."""
        other = None if self.expectation is None else self.expectation.in_language(language)
        personal = None if self.personal_data is None else self.personal_data.in_language(language)
        changes = {"ledger": self.ledger.in_language(language), "expectation": other, "personal_data": personal}
        return self._with(instrument=self.instrument.in_language(language), **changes)

    def answers(self, form: str) -> pd.DataFrame:
        """(n, items) answers to one form, columns named by item id."""
        names = self.instrument.columns(form)
        return self.frame[list(names.values())].set_axis(list(names), axis=1)

    def joined_with(self, expectation: Responses) -> Responses:
        """These perceptions beside the expectations of other people; items match by id or ``maps_to``."""
        matches = match_items(self.instrument, expectation.instrument)
        if not matches:
            raise SpecError(
                f"no item of '{self.instrument.name}' matches one of '{expectation.instrument.name}'. "
                "Give items the same id, or name the partner in maps_to."
            )
        mine, theirs = self.instrument.scale, expectation.instrument.scale
        if (mine.low, mine.high) != (theirs.low, theirs.high):
            raise SpecError(
                f"perceptions are answered from {mine.low} to {mine.high}, expectations from {theirs.low} to "
                f"{theirs.high}: their difference has no unit. Ask both on one scale."
            )
        lone = [("perception", item.id) for item in self.instrument.items if item.id not in matches]
        taken = set(matches.values())
        lone += [("expectation", item.id) for item in expectation.instrument.items if item.id not in taken]
        named = {**expectation.variables, **self.variables}
        return self._with(expectation=expectation, matches=matches, unmatched=tuple(lone), variables=named)

    def _with(self, **changes: Any) -> Responses:
        copy = object.__new__(type(self))
        for name, value in (self.__dict__ | changes).items():
            object.__setattr__(copy, name, value)
        return copy

    def __repr__(self) -> str:
        return f"<Responses {self.source.name}: n = {self.n}, {self.pairing}, instrument '{self.instrument.name}'>"


def _check_kinds(frame: Any, instrument: Any, design: Any, columns: Any, value_labels: Any = None) -> None:
    """Refuses what is no frame, instrument, design or mapping, with what to write instead."""
    wanted = (
        (
            "frame",
            frame,
            (pd.DataFrame, ArrowStream),
            "a DataFrame (collect() a lazy one), or read_responses(path, ...) for a file",
        ),
        ("instrument", instrument, Instrument, "an Instrument: load_instrument('servqual-22')"),
        ("design", design, SampleDesign, "a SampleDesign: SampleDesign(clusters='store')"),
        ("columns", columns, Mapping, "a mapping from our column name to yours: {'P_TAN1': 'q1'}"),
        ("value_labels", value_labels, Mapping, "a mapping from words to numbers: {'非常同意': 7}"),
    )
    for name, value, kind, remedy in wanted:
        if not isinstance(value, kind) and not (value is None and name in ("design", "columns", "value_labels")):
            raise SpecError(f"{name}={value!r:.60} is not what is expected here. Give {remedy}.")


def match_items(perception: Instrument, expectation: Instrument) -> dict[str, str]:
    """Which expectation item each perception item is compared with: same id, else ``maps_to`` of either side.

    >>> from servqual import load_instrument
    >>> pairs = match_items(load_instrument("retail-13"), load_instrument("servqual-22"))
    >>> pairs["efficiency"], len(pairs)
    ('RES2', 8)
    """
    known = {item.id for item in expectation.items}
    back = {item.maps_to[perception.name]: item.id for item in expectation.items if perception.name in item.maps_to}
    same = {item.id: item.id for item in perception.items if item.id in known}
    matches: dict[str, str] = {}
    for item in perception.items:
        partner = same.get(item.id) or item.maps_to.get(expectation.name) or back.get(item.id)
        free = partner in known and partner not in matches.values()
        if free and (item.id in same or partner not in same.values()):
            matches[item.id] = str(partner)
    return matches


_AS_READ: Mapping[str, Any] = {"encoding": None, "sheet": 0, "header_rows": 1}  # where nothing is said


def read_responses(
    path: Answered | None = None,
    instrument: Instrument | None = None,
    design: SampleDesign | None = None,
    *,
    expectation: Responses | Answered | None = None,
    perception: Responses | Answered | None = None,
    columns: Mapping[str, str] | None = None,
    missing_codes: Sequence[Any] = (),
    dont_know: Sequence[Any] = (),
    faults: Faults = "raise",
    respondent: str | None = None,
    variables: Mapping[str, Variable] | None = None,
    encoding: str | None = None,
    sheet: str | int = 0,
    value_labels: Mapping[str, Any] | None = None,
    personal_data: PersonalDataRule = "mask",
    header_rows: int = 1,
    layout: Layout = "wide",
    item: str = "question",
    answer: str = "answer",
    form: str | None = None,
) -> Responses:
    """Answers from a file, a frame or a filled form, checked against the instrument; or two, answered by different people.

    Parameters
    ----------
    path : CSV or text (UTF-8, UTF-16, GB18030), Excel, SPSS, Stata or Parquet file; it is only read. Or a DataFrame, or
        what ``survey_design.forms.filled.read_filled`` made of a tool's export: its codes for "don't know" come along
    instrument, design : what was asked, and how respondents were chosen
    expectation, perception : instead of ``path``: two of these, or two :class:`Responses` where instrument or
        design differ. Items match by id or ``maps_to``; those without partner are listed, never summed.
    columns, missing_codes, dont_know, faults, respondent, variables, value_labels, personal_data : as in
        :class:`Responses`
    encoding : only needed when the file's encoding is not recognised. This, ``sheet`` and ``header_rows`` are of files
    sheet : sheet of an Excel file, by name or position
    header_rows : rows of the header, 1 to 3; ``columns`` may name a column by any of its headings, or by block and
        item joined ("Perceptions Clean")
    layout : {"wide", "long"}
        "long" where the file has a line per answer instead of a row per respondent; ``respondent`` is then needed,
        and the ledger's rows are respondents.
    item, answer, form : in a long file, the columns that hold the question, the answer, and the form if a question
        is asked in several

    Returns
    -------
    Responses

    Raises
    ------
    DataError
        Names every offending cell; ``error.cases`` is a DataFrame of them.

    Examples
    --------
    >>> from servqual import load_instrument
    >>> responses = read_responses(
    ...     "data/sample/intercept.csv",
    ...     load_instrument("servperf-22"),
    ...     SampleDesign(strata="tier", clusters="store", weight="weight"),
    ...     respondent="respondent",
    ...     dont_know=[99],
    ...     missing_codes=[-9],
    ...     faults="set aside",
    ... )
    >>> responses.ledger.adds_up()
    True
    """
    options = {"columns": columns, "missing_codes": missing_codes, "dont_know": dont_know, "faults": faults,
               "respondent": respondent, "variables": variables, "value_labels": value_labels,
               "personal_data": personal_data}  # fmt: skip
    check_choice("layout", layout, Layout)
    if layout == "long" and not respondent:
        raise SpecError("layout='long' needs respondent=: the column that says whose answer a line is.")
    long = Long(str(respondent), item, answer, form) if layout == "long" else None
    reading = {"encoding": encoding, "sheet": sheet, "header_rows": header_rows}
    if (path is None) == (expectation is None and perception is None):
        raise SpecError("give either path, or expectation= and perception=.")
    if path is not None:
        return _read_one(path, instrument, design, options, reading, long)
    if expectation is None or perception is None:
        raise SpecError("expectation= and perception= go together; for one file give its path.")
    sides = []
    for side in (perception, expectation):
        if not isinstance(side, Responses):
            side = _read_one(side, instrument, design, options, reading, long, partly=True)
        sides.append(side)
    for side, form in zip(sides, ("perception", "expectation"), strict=True):
        if form not in side.forms:
            raise DataError(f"{side.source.name} holds no {form} answers; it holds: {', '.join(side.forms)}.")
    return sides[0].joined_with(sides[1])


def _read_one(
    path: Answered,
    instrument: Instrument | None,
    design: SampleDesign | None,
    options: Mapping[str, Any],
    reading: Mapping[str, Any],
    long: Long | None,
    partly: bool = False,
) -> Responses:
    """One file; ``partly`` where the column mapping serves two files and each has only some of its columns."""
    if instrument is None:
        raise SpecError("instrument is missing: read_responses(path, load_instrument('servqual-22')).")
    frame, source = _table_of(path, reading)
    _check_kinds(frame, instrument, design, options["columns"])
    if isinstance(path, FilledForm) and not isinstance(path, pd.DataFrame):
        codes = (options["dont_know"], path.dont_know)
        options = {**options, "dont_know": tuple(code for part in codes for code in as_codes(part))}
    columns = options["columns"] or {}
    if long:
        here = {theirs: ours for ours, theirs in columns.items() if theirs in frame.columns}
        columns = {ours: theirs for ours, theirs in columns.items() if theirs not in here}
        source = replace(source, labels=source.labels.renamed(here))
        frame, source = to_wide(frame.rename(columns=here), source, long, instrument, design)
    if partly:
        known = {*frame.columns, *source.labels.other_names}
        columns = {ours: theirs for ours, theirs in columns.items() if theirs in known}
    return Responses(frame, instrument, design, source=source, **{**options, "columns": columns})


def _table_of(path: Answered, reading: Mapping[str, Any]) -> tuple[pd.DataFrame, Source]:
    """The cells and where they stood; a filled form's rows are those of the export it was read from."""
    if not isinstance(path, (pd.DataFrame, FilledForm)):
        return read_table(path, **reading)
    used = [name for name, value in reading.items() if value != _AS_READ[name]]
    if used:
        raise SpecError(
            f"{', '.join(used)}: these say how to read a file; leave them out for a frame or a filled form."
        )
    if isinstance(path, pd.DataFrame):
        return path, Source(n_raw=len(path))
    rows = path.frame["_row"].to_numpy() if "_row" in path.frame else None
    return path.frame, Source(path.source.name, path.source.sha256, n_raw=len(path.frame), rows=rows)


# --- checking ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Reading:
    """What a check found: the rows kept, where the others went, and every faulty cell."""

    frame: pd.DataFrame
    forms: tuple[str, ...]
    questions: Mapping[str, Question]
    ledger: pd.DataFrame
    cases: pd.DataFrame
    answers_by_kind: pd.DataFrame
    rows_alike: int
    kept: Any


# What became of a row, by its place in this list.
_FATES = ("kept", "empty", "design", "duplicate")
_PROBLEMS = {
    "not whole": "not a whole number",
    "not a number": "not a number",
    "two answers": "two answers in one cell",
}


@dataclass(frozen=True, eq=False)
class Check:
    """One pass over a table: answers to numbers, faults to cases, lost rows to reasons."""

    frame: pd.DataFrame
    instrument: Instrument
    design: SampleDesign
    respondent: str | None
    source: Source
    labels: Labels
    columns: Mapping[str, str]
    index: Any
    codes: Codes = field(default_factory=Codes)
    words: Mapping[str, Any] = field(default_factory=dict)
    masked: pd.DataFrame | None = None  # the table without personal data, of which rows and cases are made
    measured: frozenset[str] = frozenset()  # columns known to hold fractions in another batch of the same file
    earlier: Callable[[Any], Any] | None = None  # (n,) ids -> True where an earlier batch of the same file had them

    @classmethod
    def of(
        cls, frame: pd.DataFrame, instrument: Instrument, design: SampleDesign, columns: Mapping[str, str],
        respondent: str | None, source: Source,
    ) -> Check:  # fmt: skip
        """A check of a table whose columns, and what the file says of them, have the instrument's names."""
        wanted = [form.column_of(item) for form in instrument.forms for item in instrument.items]
        wanted += [outcome.column for outcome in instrument.outcomes] + design.column_names()
        renamed, ours = _renamed(frame, columns, [*wanted, *([respondent] if respondent else [])], source)
        labels = source.labels.renamed(ours)
        return cls(renamed, instrument, design, respondent, source, labels, ours, frame.index.to_numpy())

    def masking(self, *, code: bool = True) -> tuple[Check, PersonalData]:
        """The same check, whose rows and cases hold no personal data, and what was masked; questions and design stay.

        Respondents that are personal data become P0001, P0002, ..., or with ``code`` False are masked as any text is.
        """
        asked = [*self._questions(self._forms()), *self.design.column_names()]
        exempt = [name for name in dict.fromkeys(asked) if name in self.frame.columns and name != self.respondent]
        respondent = self.respondent if code and self.respondent in self.frame.columns else None
        from servqual.privacy import mask_personal_data  # its patterns take a while to compile

        masked, found = mask_personal_data(
            self.frame, ignore=exempt, respondent=respondent, language=self.instrument.language
        )
        return replace(self, masked=masked), found

    def run(self) -> Reading:
        forms = self._forms()
        self.design.check(self.frame, self.source.name)
        if self.respondent:
            check_columns([self.respondent], self.frame.columns, self.source.name)
        questions = self._questions(forms)
        self._refuse_contradictions(questions)
        numbers, kinds = self._numbers(questions)
        frame = self._frame(numbers)
        fate = self._fates(frame, kinds, [name for name, question in questions.items() if question.counted])
        kept = fate == 0
        by_kind = _by_kind(kinds, kept)
        ledger = self._ledger(fate, by_kind.loc[[name for name, question in questions.items() if question.counted]])
        rest = _tightened(frame if kept.all() else frame[kept].reset_index(drop=True), questions)
        alike = 0 if self.respondent else _count_alike(self.frame, fate != _FATES.index("empty"))
        return Reading(rest, forms, questions, ledger, self._cases(kinds, frame, fate, questions), by_kind, alike,
                       kept)  # fmt: skip

    def _forms(self) -> tuple[str, ...]:
        asked, lacking = [], []
        for form in self.instrument.forms:
            names = [form.column_of(item) for item in self.instrument.items]
            present = [name for name in names if name in self.frame.columns]
            if present:
                asked.append(form.name)
                lacking += [name for name in names if name not in present]
        if not asked:
            lacking = list(self.instrument.columns(self.instrument.forms[-1].name).values())
        own = {form.column_of(item) for form in self.instrument.forms for item in self.instrument.items}
        others = [name for name in self.frame.columns if name not in own]  # another item is never what was meant
        check_columns(lacking, self.frame.columns, self.source.name, near=others)
        return tuple(asked)

    def _questions(self, forms: Sequence[str]) -> dict[str, Question]:
        instrument = self.instrument
        asked = {
            instrument.form(form).column_of(item): Question(instrument.scale, item.reverse)
            for form in forms
            for item in instrument.items
        }
        for outcome in instrument.outcomes:
            if outcome.column in self.frame.columns:
                asked[outcome.column] = Question(outcome.scale, counted=False)
        own = {self.columns.get(name, name): words for name, words in self.words.items() if isinstance(words, Mapping)}
        known = [form.column_of(item) for form in instrument.forms for item in instrument.items]
        known += [outcome.column for outcome in instrument.outcomes]
        check_columns(own, known, f"value_labels of {self.source.name}")  # not every file asks all of them
        return {
            name: replace(
                question, labels=self._words_of(name, question, own), declared=self.labels.missing.get(name, ())
            )
            for name, question in asked.items()
        }

    def _refuse_contradictions(self, questions: Mapping[str, Question]) -> None:
        """Refuses a file that gives the words of one end of a scale to another number, as a reversed scale does."""
        found = [
            (
                self.source.name,
                "",
                name,
                f"{plain_id(text_of(code))} = '{words}'",
                f"in the instrument {end} = '{words}'",
            )
            for name, question in questions.items()
            for code, words in self.labels.values.get(name, {}).items()
            if (end := end_of(question.scale, words)) is not None and number_of(text_of(code)) != end
        ]
        if not found:
            return
        columns, scale = list(dict.fromkeys(case[2] for case in found)), questions[found[0][2]].scale
        said = "; ".join(f"{case[3]}, {case[4]}" for case in found if case[2] == columns[0])
        more = f" (and {len(columns) - 1} more columns)" if len(columns) > 1 else ""
        raise DataError(
            f"{self.source.name}: value labels contradict the scale: column '{columns[0]}' says {said}{more}. If the answers are reversed, recode them as "
            f"{scale.low + scale.high} - answer, or export words instead of codes; if the form was printed that way, swap "
            "low_label and high_label in the instrument and give its items reverse = true; if only the labels are wrong, "
            "correct them in the file.", pd.DataFrame(found, columns=_CASES))  # fmt: skip

    def _words_of(self, name: str, question: Question, own: Mapping[str, Any]) -> dict[str, int]:
        """Word -> number for one column: the scale's ends, words for all columns of this scale, the column's own."""
        asked, scale = question.scale, self.instrument.scale
        shared = {words: number for words, number in self.words.items() if not isinstance(number, Mapping)}
        if (asked.low, asked.high) != (scale.low, scale.high):
            shared = {}
        return label_numbers(asked, {**shared, **own.get(name, {})}, f"value_labels of {name}")

    def _numbers(self, questions: Mapping[str, Question]) -> tuple[dict[str, Any], dict[str, Any]]:
        numbers, kinds = {}, {}
        for name, question in questions.items():
            value, kinds[name] = read_answers(plain(self.frame[name], number=True), question, self.codes)
            low, high = question.scale.low, question.scale.high
            if question.reverse:
                value = low + high - value.astype(float)
            small = low > -128 and high < 128 and (value.dtype.kind in "iu" or not np.isnan(value).any())
            numbers[name] = value.astype(np.int8 if small else float)
        return numbers, kinds

    def _frame(self, numbers: Mapping[str, Any]) -> pd.DataFrame:
        """The table with answers as numbers; elsewhere nothing where the file says missing, or says nothing."""
        columns = {}
        for name in self.frame.columns:
            if name in numbers:
                columns[name] = pd.Series(numbers[name])
                continue
            shown = self.frame if self.masked is None else self.masked
            column = _without(plain(shown[name]), self.labels.missing.get(name, ()))
            if name in (*self.design.numeric_columns, *self.design.measured_columns):
                columns[name] = pd.to_numeric(column, errors="coerce").astype(float)
            elif not pd.api.types.is_numeric_dtype(column):
                columns[name] = _as_labels(_none_where_blank(column), self.source.rows is not None)
            else:
                columns[name] = column if name in self.measured else whole(column)
        return pd.DataFrame(columns)

    def _design_gaps(self, frame: pd.DataFrame) -> dict[str, Any]:
        """(n,) True per design column where a row has no usable value."""
        gaps = {}
        for name in self.design.column_names():
            positive = name in self.design.numeric_columns
            if not positive and name not in self.design.measured_columns:
                gaps[name] = is_blank(frame[name])
                continue
            values = frame[name].to_numpy(float)
            gaps[name] = ~(((values > 0) | (not positive)) & np.isfinite(values))
        return gaps

    def _fates(self, frame: pd.DataFrame, kinds: Mapping[str, Any], counted: Sequence[str]) -> Any:
        """(n,) what became of each row, as its place in :data:`_FATES`."""
        fate = np.full(len(frame), _FATES.index("empty"), dtype=np.uint8)
        for name in counted:
            fate[kinds[name] == 0] = 0
        for gap in self._design_gaps(frame).values():
            fate[gap & (fate == 0)] = _FATES.index("design")
        fate[self._repeated(fate == 0)] = _FATES.index("duplicate")
        return fate

    def ids(self) -> Any:
        """(n,) who each row's respondent is: whole numbers as they are, else texts in one spelling, "" for nobody."""
        column = plain(self.frame[str(self.respondent)])
        if column.dtype.kind in "iu":
            return column.to_numpy()
        return np.array([plain_id(text) for text in texts_of(column)], dtype=object)

    def _repeated(self, among: Any) -> Any:
        """(n,) True where a respondent was seen before among the chosen rows."""
        again = np.zeros(len(among), dtype=bool)
        if self.respondent:
            ids = self.ids()
            chosen = np.flatnonzero(among if ids.dtype.kind in "iu" else among & (ids != ""))
            again[chosen] = pd.Series(ids[chosen]).duplicated().to_numpy()
            if self.earlier is not None:
                again[chosen] |= self.earlier(ids[chosen])
        return again

    def _ledger(self, fate: Any, by_kind: pd.DataFrame) -> pd.DataFrame:
        n = dict(zip(_FATES, np.bincount(fate, minlength=len(_FATES)).tolist(), strict=True))
        again = 0 if self.source.lines else self.source.n_header_repeated
        rows = [("read", len(fate) + again), *([(HEADER_REPEATED, again)] if again else [])]
        rows += [(step, n[step]) for step in ("duplicate", "design", "empty", "kept")]
        answers = [
            ("asked", int(by_kind.to_numpy().sum())),
            *((step, int(by_kind[step].sum())) for step in ANSWER_STEPS),
        ]
        lines = [("rows", *line) for line in rows] + [("answers", *line) for line in answers]
        return pd.DataFrame(lines, columns=["part", "step", "n"])

    def _cases(
        self, kinds: Mapping[str, Any], frame: pd.DataFrame, fate: Any, questions: Mapping[str, Question]
    ) -> pd.DataFrame:
        found = []
        for name, kind in kinds.items():
            scale = questions[name].scale
            for step in ("off scale", *_PROBLEMS) if kind.any() else ():
                words = _PROBLEMS.get(step, f"outside {scale.low}-{scale.high}")
                if self.source.lines and step == "two answers":
                    words = "two different answers"
                found.append(self._listed(name, kind == KINDS.index(step), words))
        filled = np.zeros(len(frame), dtype=bool)
        for kind in kinds.values():
            filled |= kind != KINDS.index("blank")
        if self.respondent:
            lost = {step: fate == _FATES.index(step) for step in ("duplicate", "design")}
            again = lost["duplicate"] | (self._repeated(filled) & lost["design"] if lost["design"].any() else False)
            found.append(self._listed(self.respondent, again, "respondent seen before"))
        for name, gap in self._design_gaps(frame).items():
            positive, measured = name in self.design.numeric_columns, name in self.design.measured_columns
            words = (
                "missing, or not a positive number"
                if positive
                else "missing, or not a number"
                if measured
                else "missing"
            )
            comma = _decimal_commas(self.frame[name]) if (positive or measured) and gap.any() else False
            found.append(self._listed(name, gap & filled & ~np.asarray(comma), words))
            found.append(self._listed(name, gap & filled & comma, DECIMAL_COMMA))
        return self._in_order(found)

    def _in_order(self, found: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Cases in the file's order, as one would correct them, with those that reading the file has found."""
        early = pd.DataFrame(self.source.found, columns=_CASES[1:], dtype=object).assign(file=self.source.name)
        listed = pd.concat(
            [*(part for part in found if len(part)), early.assign(place=early["row"])], ignore_index=True
        )
        order = np.argsort(listed["place"].to_numpy(), kind="stable")
        return listed.iloc[order][_CASES].reset_index(drop=True)

    def _listed(self, column: str, where: Any, problem: str) -> pd.DataFrame:
        if not where.any():
            return pd.DataFrame()
        rows = self._rows(column)[where]
        shown = self.frame if self.masked is None else self.masked
        texts = ["" if is_missing(value) else str(value) for value in shown.loc[where, column]]
        if self.masked is not None:
            from servqual.privacy import mask_text

            texts = [mask_text(text) for text in texts]
        return pd.DataFrame(
            {
                "file": self.source.name,
                "row": rows,
                "column": column,
                "value": texts,
                "problem": problem,
                "place": np.flatnonzero(where) if self.source.rows is None else rows,
            }
        )

    def _rows(self, column: str) -> Any:
        """(n,) how a person finds a row: as the file counts them, by index for DataFrames."""
        if self.source.lines:
            places = self.source.lines.places.rename(columns=self.columns)
            if column in places.columns:
                return places[column].to_numpy()
        if self.source.rows is not None and len(self.source.rows) == len(self.frame):
            return self.source.rows
        return np.arange(2, len(self.frame) + 2) if self.source.sha256 else self.index


def _decimal_commas(column: pd.Series) -> Any:
    """(n,) True where a text is a number written with a decimal comma."""
    return np.array([isinstance(cell, str) and bool(_COMMA.fullmatch(text_of(cell))) for cell in column], dtype=bool)


def _by_kind(kinds: Mapping[str, Any], kept: Any) -> pd.DataFrame:
    """Cells of each question by what became of them, over the rows kept."""
    counts = [count_kinds(kind if kept.all() else kind[kept]) for kind in kinds.values()]
    return pd.DataFrame(counts, index=pd.Index(list(kinds), name="column"), columns=list(ANSWER_STEPS))


def _count_alike(frame: pd.DataFrame, among: Any) -> int:
    """Rows among the chosen that repeat an earlier one in every column.

    A number is made of each row first, from more and more columns; only rows whose numbers stay equal are compared cell by cell.
    """
    rest = frame if among.all() else frame[among]
    key = np.zeros(len(rest), dtype=np.uint64)
    for k, name in enumerate(frame.columns, start=1):
        key = key * np.uint64(6364136223846793005) + _bits(rest[name])
        if k % _COLUMNS_AT_ONCE == 0 or k == len(frame.columns):  # who differs so far differs
            again = pd.Series(key).duplicated(keep=False).to_numpy()
            if not again.any():
                return 0
            if not again.all():
                rest, key = rest[again], key[again]
    cells = pd.DataFrame({name: _bits(rest[name]) for name in rest.columns})
    return int(cells.duplicated().sum())


def _bits(column: pd.Series) -> Any:
    """(n,) a whole number per distinct cell."""
    column = plain(column)
    if column.dtype.kind in "iub":
        return column.to_numpy().astype(np.uint64)
    if column.dtype.kind == "f":
        values = column.to_numpy(dtype=float) + 0.0
        bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
        return bits ^ (bits >> np.uint64(32)) ^ (bits >> np.uint64(50))  # small numbers differ in their upper bits only
    return pd.factorize(column.astype(str))[0].astype(np.uint64)


def _without(column: pd.Series, declared: Any) -> pd.Series:
    """The column without the codes that the file declares as missing."""
    if not declared:
        return column
    gone = np.array([is_declared(value, declared) for value in column], dtype=bool)
    if not gone.any():
        return column
    values = column.astype(object).to_numpy(copy=True)
    values[gone] = None
    return pd.Series(values, dtype=object)


def _none_where_blank(column: pd.Series) -> pd.Series:
    """Blank texts as missing; dates stay dates."""
    if column.dtype.kind in "mM":
        return column
    values = column.astype(object).to_numpy(copy=True)
    values[is_blank(column)] = None
    return pd.Series(values, dtype=object)


def _as_labels(column: pd.Series, from_file: bool) -> pd.Series:
    """Whole numbers of a spreadsheet, and texts like "1.0" that a program wrote for them into a file, as whole numbers."""
    if column.dtype != object:
        return column
    column = whole(column)
    given = column[column.notna()]
    if (
        not from_file
        or given.empty
        or not all(isinstance(value, str) and _POINT_NOUGHT.fullmatch(value.strip()) for value in given)
    ):
        return column
    return column.map(lambda value: value if value is None else value.strip().partition(".")[0])


def _tightened(frame: pd.DataFrame, questions: Mapping[str, Question]) -> pd.DataFrame:
    """Complete answers as small integers."""
    for name in questions:
        if frame[name].dtype.kind == "f" and frame[name].notna().all() and abs(frame[name]).max() < 128:
            frame[name] = frame[name].astype(np.int8)
    return frame


def _renamed(
    frame: pd.DataFrame, columns: Mapping[str, str], wanted: Sequence[str], source: Source
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The frame under the instrument's column names, all of them texts, and {their name: ours}.

    A column may also be named by another of its headings. Refuses names that occur twice.
    """
    frame = frame.rename(columns=str)
    others = source.labels.other_names
    theirs_of = {
        ours: theirs if theirs in frame.columns else others.get(theirs, theirs) for ours, theirs in columns.items()
    }
    for name in wanted:
        if name in others and name not in frame.columns and name not in theirs_of:
            theirs_of[name] = others[name]
    check_columns(theirs_of.values(), frame.columns, source.name)
    ours = {theirs: ours for ours, theirs in theirs_of.items()}
    renamed = frame.rename(columns=ours)
    twice = renamed.columns[renamed.columns.duplicated()].unique().tolist()
    if twice:
        listed = ", ".join(map(repr, twice))
        raise DataError(f"{source.name}: the column {listed} occurs more than once. Rename one of them.")
    return renamed.reset_index(drop=True), ours


def _variables(labels: Labels, reading: Reading, own: Mapping[str, Variable]) -> dict[str, Variable]:
    """What columns and codes are called: by the caller, else by the file, for columns that are no questions."""
    told = [name for name in reading.frame.columns if name in {*labels.variables, *labels.values}]
    found = {
        name: Variable(
            _in_its_language(labels.variables.get(name, "")),
            {code: _in_its_language(words) for code, words in labels.values.get(name, {}).items()},
        )
        for name in told
        if name not in reading.questions
    }
    return found | {name: _as_stored(variable, reading.frame, name) for name, variable in own.items()}


def _in_its_language(words: str) -> Text:
    """A label that a file gives in one language, under that language."""
    if not words:
        return {}
    return {"zh" if any("\u4e00" <= character <= "\u9fff" for character in words) else "en": words}


def _as_stored(variable: Variable, frame: pd.DataFrame, name: str) -> Variable:
    """A variable whose codes are numbers where the data hold numbers: "1" in a study's file is 1 in an SPSS file."""
    kind = pd.api.types.infer_dtype(frame[name], skipna=True) if name in frame.columns else ""
    if kind not in ("integer", "floating", "mixed-integer-float") or not isinstance(variable, Variable):
        return variable
    values = {}
    for code, words in variable.values.items():
        number = number_of(text_of(code)) if isinstance(code, str) else np.nan
        values[code if np.isnan(number) else number] = words
    return replace(variable, values=values)


def nothing_left(ledger: pd.DataFrame, cases: pd.DataFrame, name: str) -> str:
    """That no row can be used, and why: what became of the rows, and the faults by column."""
    rows = ledger[(ledger["part"] == "rows") & (ledger["n"] > 0)].set_index("step")["n"]
    lost = ", ".join(f"{n} × {STEPS[str(step)]['en']}" for step, n in rows.items() if step not in ("read", "kept"))
    shown, why = _faults_in_words(cases), f" ({lost})" if lost else ""
    return (
        f"{name}: none of its {int(rows.get('read', 0))} rows can be used{why}. {shown}{'. ' if shown else ''}"
        "Look at .cases."
    )


def _fault_message(cases: pd.DataFrame, name: str) -> str:
    n = int((cases["problem"] != HEADER_REPEATED).sum())
    return (
        f"{name}: {n} fault{'s' * (n > 1)}. {_faults_in_words(cases)}. Correct the file, or set faults = 'set aside' "
        "to leave these out and have them counted."
    )


def _faults_in_words(cases: pd.DataFrame) -> str:
    """Faults by column, with the rows of the first of them."""
    cases, parts = cases[cases["problem"] != HEADER_REPEATED], []
    for (column, problem), group in cases.groupby(["column", "problem"], sort=False):
        rows = ", ".join(str(row) for row in group["row"].head(5)) + (", …" if len(group) > 5 else "")
        parts.append(f"{column}: {_so_many(len(group), str(problem))} (row{'s' * (len(group) > 1)} {rows})")
    return "; ".join(parts[:8]) + (f"; and {len(parts) - 8} more columns" if len(parts) > 8 else "")


def _so_many(n: int, problem: str) -> str:
    """How often a problem occurs: "2 answers outside 1-7", "1 row missing", "1 × two answers in one cell"."""
    if problem.startswith(("two", "no ")):
        return f"{n} × {problem}"
    noun = "answer" if problem.startswith(("outside", "not a")) else "row"
    return f"{n} {noun}{'s' * (n > 1)} {problem}"
