"""What came back: answers joined to the instrument and the sample design, checked once, losing nothing silently."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from servqual.files import Source, read_table
from servqual.instruments import Instrument, Scale
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Result, Text, is_missing
from survey_design.sampling import SampleDesign

Faults = Literal["raise", "set aside"]
Pairing = Literal["paired", "independent", "expectation only", "perception only"]

_CASES = ["file", "row", "column", "value", "problem"]

STEPS: Mapping[str, Mapping[str, str]] = {
    "read": {"en": "rows read", "zh": "读入行数"},
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


@dataclass(frozen=True)
class Variable:
    """What a column of the data and its codes are called, in both languages.

    >>> tier = Variable({"en": "Tier", "zh": "门店层级"}, {"core": {"en": "Core", "zh": "核心店"}})
    >>> tier.column("tier").show("core", "zh")
    '核心店'
    """

    label: Text = field(default_factory=dict)
    values: Mapping[Any, Text] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of a result that shows this variable."""
        return Column(name, self.label or {"en": name}, "text", self.values)


@dataclass(frozen=True, eq=False, repr=False)
class Ledger(Result):
    """Where every row and every answer went. Frame columns: ``part, step, n``.

    Rows read = rows lost for each reason + rows kept; answers asked = answers given + each kind of missing.
    """

    source_name: str = ""

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
        return bool(rows["read"] == rows.drop("read").sum() and answers["asked"] == answers.drop("asked").sum())

    def note(self) -> str:
        if self.language == "zh":
            return "读入行数 = 各项剔除 + 保留行数；应有回答数 = 有效回答 + 各类缺失。"
        return (
            "Rows read = rows lost for each reason + rows kept; answers asked = answers given + each kind of missing."
        )


@dataclass(frozen=True, eq=False, init=False)
class Responses:
    """Answers of respondents to an instrument, under a sample design.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; it is not changed
    instrument : Instrument
    design : SampleDesign, optional
        Which columns say how respondents were chosen. Without it they count as independent.
    columns : mapping from the instrument's or design's column name to the name used in the data
    missing_codes, dont_know : codes in the data for "no answer" and "don't know" (numbers or words)
    faults : {"raise", "set aside"}
        What to do with answers off the scale, texts among numbers, repeated respondents and rows that lack a
        weight: raise one error that lists them all, or set them aside and count them in the ledger.
    respondent : column that identifies a respondent; needed to see duplicates
    variables : names and value labels of other columns, for tables and pictures split by them

    Attributes
    ----------
    frame : the rows kept; answers as numbers, reverse items turned round, missing as NaN
    forms : the forms answered
    ledger : Ledger
    cases : DataFrame of the faulty cells that were set aside
    source : Source
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
    matches: Mapping[str, str] = field(default_factory=dict)
    unmatched: tuple[tuple[str, str], ...] = ()

    def __init__(
        self,
        frame: pd.DataFrame,
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
    ) -> None:
        check_choice("faults", faults, Faults)
        _check_kinds(frame, instrument, design, columns)
        source = source or Source(n_raw=len(frame))
        design = design or SampleDesign()
        codes = _Codes(_as_codes(missing_codes), _as_codes(dont_know))
        reading = _Check(
            _renamed(frame, columns or {}, source.name), instrument, design, codes, respondent, source
        ).run()
        if faults == "raise" and len(reading.cases):
            raise DataError(_fault_message(reading.cases, source.name), reading.cases)
        if not len(reading.frame):
            raise DataError(
                f"{source.name}: none of its {source.n_raw} rows can be used. Look at .cases.", reading.cases
            )
        values = {
            "frame": reading.frame,
            "instrument": instrument,
            "design": design,
            "forms": reading.forms,
            "ledger": Ledger(reading.ledger, instrument.language, source.name),
            "cases": reading.cases,
            "source": source,
            "respondent": respondent,
            "variables": dict(variables or {}),
            "expectation": None,
            "matches": {item.id: item.id for item in instrument.items},
            "unmatched": (),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Respondents kept."""
        return len(self.frame)

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
        changes = {"ledger": self.ledger.in_language(language), "expectation": other}
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


def _check_kinds(frame: Any, instrument: Any, design: Any, columns: Any) -> None:
    """Refuses what is no frame, instrument, design or mapping, with what to write instead."""
    wanted = (
        ("frame", frame, pd.DataFrame, "a pandas DataFrame, or read_responses(path, ...) for a file"),
        ("instrument", instrument, Instrument, "an Instrument: load_instrument('servqual-22')"),
        ("design", design, SampleDesign, "a SampleDesign: SampleDesign(clusters='store')"),
        ("columns", columns, Mapping, "a mapping from our column name to yours: {'P_TAN1': 'q1'}"),
    )
    for name, value, kind, remedy in wanted:
        if not isinstance(value, kind) and not (value is None and name in ("design", "columns")):
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


def read_responses(
    path: str | Path | None = None,
    instrument: Instrument | None = None,
    design: SampleDesign | None = None,
    *,
    expectation: Responses | str | Path | None = None,
    perception: Responses | str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    missing_codes: Sequence[Any] = (),
    dont_know: Sequence[Any] = (),
    faults: Faults = "raise",
    respondent: str | None = None,
    variables: Mapping[str, Variable] | None = None,
    encoding: str | None = None,
    sheet: str | int = 0,
) -> Responses:
    """Answers from a file, checked against the instrument; or two files answered by different people.

    Parameters
    ----------
    path : CSV (UTF-8, UTF-16, GB18030) or Excel file with one row per respondent; it is only read
    instrument, design : what was asked, and how respondents were chosen
    expectation, perception : instead of ``path``: two files, or two :class:`Responses` where instrument or
        design differ. Items match by id or ``maps_to``; those without partner are listed, never summed.
    columns, missing_codes, dont_know, faults, respondent, variables : as in :class:`Responses`
    encoding : only needed when the file's encoding is not recognised
    sheet : sheet of an Excel file, by name or position

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
               "respondent": respondent, "variables": variables}  # fmt: skip
    if (path is None) == (expectation is None and perception is None):
        raise SpecError("give either path, or expectation= and perception=.")
    if path is not None:
        return _read_one(path, instrument, design, options, encoding, sheet)
    if expectation is None or perception is None:
        raise SpecError("expectation= and perception= go together; for one file give its path.")
    sides = []
    for side in (perception, expectation):
        if not isinstance(side, Responses):
            side = _read_one(side, instrument, design, options, encoding, sheet, partly=True)
        sides.append(side)
    for side, form in zip(sides, ("perception", "expectation"), strict=True):
        if form not in side.forms:
            raise DataError(f"{side.source.name} holds no {form} answers; it holds: {', '.join(side.forms)}.")
    return sides[0].joined_with(sides[1])


def _read_one(
    path: str | Path,
    instrument: Instrument | None,
    design: SampleDesign | None,
    options: Mapping[str, Any],
    encoding: str | None,
    sheet: str | int,
    partly: bool = False,
) -> Responses:
    """One file; ``partly`` where the column mapping serves two files and each has only some of its columns."""
    if instrument is None:
        raise SpecError("instrument is missing: read_responses(path, load_instrument('servqual-22')).")
    frame, source = read_table(path, encoding=encoding, sheet=sheet)
    _check_kinds(frame, instrument, design, options["columns"])
    columns = options["columns"] or {}
    if partly:
        columns = {ours: theirs for ours, theirs in columns.items() if theirs in frame.columns}
    return Responses(frame, instrument, design, source=source, **{**options, "columns": columns})


# --- checking ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Codes:
    missing: frozenset[Any]
    dont_know: frozenset[Any]


@dataclass(frozen=True, eq=False)
class _Reading:
    frame: pd.DataFrame
    forms: tuple[str, ...]
    ledger: pd.DataFrame
    cases: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Check:
    """One pass over a table: answers to numbers, faults to cases, lost rows to reasons."""

    frame: pd.DataFrame
    instrument: Instrument
    design: SampleDesign
    codes: _Codes
    respondent: str | None
    source: Source

    def run(self) -> _Reading:
        forms = self._forms()
        self.design.check(self.frame, self.source.name)
        if self.respondent:
            check_columns([self.respondent], self.frame.columns, self.source.name)
        questions = self._questions(forms)
        numbers, kinds = self._numbers(questions)
        frame = self.frame.copy()
        frame[list(numbers)] = pd.DataFrame(numbers, index=frame.index)
        self._design_numbers(frame)
        fate = self._fates(frame, kinds, [name for name, question in questions.items() if question.counted])
        kept = frame[fate == "kept"].reset_index(drop=True)
        return _Reading(
            _tidied(kept, questions), forms, self._ledger(fate, kinds, questions), self._cases(kinds, frame, fate)
        )

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

    def _questions(self, forms: Sequence[str]) -> dict[str, _Question]:
        instrument = self.instrument
        questions = {
            instrument.form(form).column_of(item): _Question(instrument.scale, item.reverse, True)
            for form in forms
            for item in instrument.items
        }
        for outcome in instrument.outcomes:
            if outcome.column in self.frame.columns:
                questions[outcome.column] = _Question(outcome.scale, False, False)
        return questions

    def _numbers(self, questions: Mapping[str, _Question]) -> tuple[dict[str, Any], dict[str, Any]]:
        numbers, kinds = {}, {}
        for name, question in questions.items():
            value, kind = _answer(self.frame[name], question, self.codes)
            numbers[name] = question.scale.low + question.scale.high - value if question.reverse else value
            kinds[name] = kind
        return numbers, kinds

    def _design_numbers(self, frame: pd.DataFrame) -> None:
        for name in self._numeric_design():
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)

    def _numeric_design(self) -> list[str]:
        return [name for name in (self.design.weight, *self.design.population_columns) if name]

    def _design_gaps(self, frame: pd.DataFrame) -> dict[str, Any]:
        """(n,) True per design column where a row has no usable value."""
        gaps = {}
        for name in self.design.column_names():
            values = frame[name].to_numpy(float) if name in self._numeric_design() else None
            gaps[name] = _blank(frame[name]) if values is None else ~((values > 0) & np.isfinite(values))
        return gaps

    def _fates(self, frame: pd.DataFrame, kinds: Mapping[str, Any], counted: Sequence[str]) -> Any:
        fate = np.full(len(frame), "kept", dtype=object)
        answered = np.any([kinds[name] == "given" for name in counted], axis=0)
        fate[~answered] = "empty"
        for gap in self._design_gaps(frame).values():
            fate[gap & (fate == "kept")] = "design"
        fate[self._repeated(fate == "kept")] = "duplicate"
        return fate

    def _repeated(self, among: Any) -> Any:
        """(n,) True where a respondent was seen before among the chosen rows."""
        again = np.zeros(len(among), dtype=bool)
        if self.respondent:
            ids = np.array([_plain_id(text) for text in _texts(self.frame[self.respondent])], dtype=object)
            chosen = np.flatnonzero(among & (ids != ""))
            again[chosen] = pd.Series(ids[chosen], dtype=object).duplicated().to_numpy()
        return again

    def _ledger(self, fate: Any, kinds: Mapping[str, Any], questions: Mapping[str, _Question]) -> pd.DataFrame:
        lost = [(step, int((fate == step).sum())) for step in ("duplicate", "design", "empty")]
        rows = [("read", len(fate)), *lost, ("kept", int((fate == "kept").sum()))]
        counted = np.stack([kinds[name][fate == "kept"] for name, question in questions.items() if question.counted])
        steps = ("given", "blank", "missing code", "don't know", "off scale", "not a number")
        counted = np.where(counted == "not whole", "off scale", counted)
        answers = [("asked", counted.size), *((step, int((counted == step).sum())) for step in steps)]
        lines = [("rows", *line) for line in rows] + [("answers", *line) for line in answers]
        return pd.DataFrame(lines, columns=["part", "step", "n"])

    def _cases(self, kinds: Mapping[str, Any], frame: pd.DataFrame, fate: Any) -> pd.DataFrame:
        rows = _row_names(self.frame, self.source)
        found = []
        for name, kind in kinds.items():
            scale = self._scale_of(name)
            for step, words in (("off scale", f"outside {scale.low}-{scale.high}"), ("not whole", "not a whole number"),
                                ("not a number", "not a number")):  # fmt: skip
                found.append(self._listed(rows, name, (kind == step), words))
        filled = np.any([kind != "blank" for kind in kinds.values()], axis=0)
        if self.respondent:
            again = (fate == "duplicate") | (self._repeated(filled) & (fate == "design"))
            found.append(self._listed(rows, self.respondent, again, "respondent seen before"))
        for name, gap in self._design_gaps(frame).items():
            words = "missing, or not a positive number" if name in self._numeric_design() else "missing"
            found.append(self._listed(rows, name, gap & filled, words))
        listed = pd.concat(found, ignore_index=True)
        place = {row: k for k, row in enumerate(rows)}  # in the file's order, as one would correct them
        return listed.iloc[np.argsort([place[row] for row in listed["row"]], kind="stable")].reset_index(drop=True)

    def _scale_of(self, column: str) -> Scale:
        return next((o.scale for o in self.instrument.outcomes if o.column == column), self.instrument.scale)

    def _listed(self, rows: Any, column: str, where: Any, problem: str) -> pd.DataFrame:
        values = self.frame.loc[where, column].astype(str).tolist()
        return pd.DataFrame(
            {"file": self.source.name, "row": rows[where], "column": column, "value": values, "problem": problem},
            columns=_CASES,
        )


@dataclass(frozen=True)
class _Question:
    scale: Scale
    reverse: bool
    counted: bool


def _answer(answers: pd.Series, question: _Question, codes: _Codes) -> tuple[Any, Any]:
    """(n,) numbers, nan where there is no valid answer, and (n,) what became of each cell."""
    code, distinct = pd.factorize(_texts(answers))
    read = [_one_answer(text, question, codes) for text in distinct]
    numbers = np.array([number for number, _ in read], dtype=float)
    kinds = np.array([kind for _, kind in read], dtype=object)
    return numbers[code], kinds[code]


def _texts(cells: pd.Series) -> Any:
    """(n,) cells as texts in one spelling: no white space around, full-width letters and digits as usual ones."""
    if cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=False) != "string":
        # 1 and True are equal, but not the same answer
        spelled = [f"{type(value).__name__} {value}" for value in cells]
        code = pd.factorize(np.array(spelled, dtype=object))[0]
    else:
        code = pd.factorize(cells, use_na_sentinel=False)[0]
    first = np.full(int(code.max(initial=-1)) + 1, len(code))
    np.minimum.at(first, code, np.arange(len(code)))
    return np.array([_text_of(value) for value in cells.iloc[first].tolist()], dtype=object)[code]


def _text_of(value: Any) -> str:
    return "" if is_missing(value) else unicodedata.normalize("NFKC", str(value)).strip()


def _number_of(text: str) -> float:
    """The number a text stands for, nan where it stands for none; "1_000" is not how people write numbers."""
    try:
        return np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan


def _one_answer(text: str, question: _Question, codes: _Codes) -> tuple[float, str]:
    """A number or nan, and what became of the cell.

    Codes are declared for the items. An outcome with a longer scale may use the same number as an answer.
    """
    if not text:
        return np.nan, "blank"
    scale, number, keys = question.scale, _number_of(text), {text.casefold(), _number_of(text)}
    if scale.allows(number) and (not question.counted or not keys & (codes.missing | codes.dont_know)):
        return number, "given"
    if keys & codes.missing:
        return np.nan, "missing code"
    if keys & codes.dont_know:
        return np.nan, "don't know"
    if not np.isfinite(number):
        return np.nan, "not a number"
    return np.nan, "not whole" if scale.low <= number <= scale.high else "off scale"


def _blank(column: pd.Series) -> Any:
    """(n,) True where a cell is missing or holds nothing but white space."""
    return (column.isna() | (column.astype(str).str.strip() == "")).to_numpy()


def _as_codes(values: Any) -> frozenset[Any]:
    """Codes as texts and, where they are numbers, as numbers too."""
    listed = [values] if isinstance(values, str) or not np.iterable(values) else list(values)
    texts = [_text_of(value).casefold() for value in listed]
    numbers = [_number_of(text) for text in texts]
    return frozenset(texts) | frozenset(number for number in numbers if not np.isnan(number))


def _renamed(frame: pd.DataFrame, columns: Mapping[str, str], where: str) -> pd.DataFrame:
    """The frame under the instrument's column names, all of them texts; refuses names that occur twice."""
    frame = frame.rename(columns=str)
    check_columns(columns.values(), frame.columns, where)
    renamed = frame.rename(columns={theirs: ours for ours, theirs in columns.items()})
    twice = renamed.columns[renamed.columns.duplicated()].unique().tolist()
    if twice:
        raise DataError(f"{where}: the column {', '.join(map(repr, twice))} occurs more than once. Rename one of them.")
    return renamed.reset_index(drop=True).set_axis(frame.index, axis=0)


def _plain_id(text: str) -> str:
    """An id in one spelling: 1001 and "1001.0" are the same person."""
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def _row_names(frame: pd.DataFrame, source: Source) -> Any:
    """(n,) how a person finds the row: as in a spreadsheet for files, by index for DataFrames."""
    return np.arange(2, len(frame) + 2) if source.sha256 else frame.index.to_numpy()


def _tidied(frame: pd.DataFrame, questions: Mapping[str, _Question]) -> pd.DataFrame:
    """Complete answers as small integers; blank texts elsewhere as missing."""
    for name in questions:
        if frame[name].notna().all() and abs(frame[name]).max() < 128:
            frame[name] = frame[name].astype(np.int8)
    for name in frame.columns.difference(list(questions)):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].mask(_blank(frame[name]), None)
    return frame


def _fault_message(cases: pd.DataFrame, name: str) -> str:
    parts = []
    for (column, problem), group in cases.groupby(["column", "problem"], sort=False):
        rows = ", ".join(str(row) for row in group["row"].head(5)) + (", …" if len(group) > 5 else "")
        noun = "answer" if str(problem).startswith(("outside", "not a")) else "row"
        parts.append(
            f"{column}: {len(group)} {noun}{'s' * (len(group) > 1)} {problem} (row{'s' * (len(group) > 1)} {rows})"
        )
    shown = "; ".join(parts[:8]) + (f"; and {len(parts) - 8} more columns" if len(parts) > 8 else "")
    return (
        f"{name}: {len(cases)} fault{'s' * (len(cases) > 1)}. {shown}. Correct the file, or set faults = 'set aside' "
        "to leave these out and have them counted."
    )
