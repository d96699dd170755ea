"""What came back from the field? An export of a form, as a frame with the questionnaire's names and codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.table import Source, read_table
from survey_design.forms.cells import (
    BLANK,
    GIVEN,
    NOT_ASKED,
    STATES,
    Cells,
    Numbers,
    graded_otherwise,
    read_column,
    read_ticks,
    seconds_of,
    signs_like_answers,
    text_of,
    unclear_numbers,
)
from survey_design.forms.contacts import PLACES, contact_rows, count_contacts
from survey_design.forms.exports import (
    EXPORTS,
    TWICE,
    FormOf,
    Matched,
    Target,
    Tool,
    column_key,
    match_columns,
    nearest_heading,
    recognise,
    refuse_equal_words,
    role_columns,
    targets_of,
    tells_who,
)
from survey_design.forms.routing import Contradiction, fulfils, route
from survey_design.forms.xlsform import helper_names
from survey_design.questionnaire import Condition, Question, Questionnaire
from survey_design.results import Column, Language, Result, Text, say

Faults = Literal["raise", "set aside"]
Incomplete = Literal["drop", "keep"]
Absent = Literal["raise", "accept"]
Array = np.ndarray[Any, Any]

META = {
    "id": "_id",
    "start": "_start",
    "end": "_end",
    "seconds": "_seconds",
    "language": "_language",
}
_EXCEL = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"}
_CASES = ["file", "row", "column", "value", "problem"]
_PREVIEWS = {"1", "2", "9", "17", "survey preview", "survey test", "spam survey preview", "offline survey preview"}
_SPAM = {"8", "spam"}
_YES = {"1", "true", "yes", "y", "是", "test", "测试"}

STEPS: Mapping[str, Text] = {
    "read": {"en": "rows read", "zh": "读入行数"},
    "header repeated": {"en": "header repeated", "zh": "重复的表头"},
    "empty": {"en": "empty rows", "zh": "空行"},
    "test": {"en": "tests and previews", "zh": "测试与预览"},
    "spam": {"en": "marked as spam by the platform", "zh": "平台标记为垃圾答卷"},
    "rejected": {"en": "rejected on review", "zh": "审核不通过"},
    "incomplete": {"en": "not completed", "zh": "未完成"},
    "disposition": {"en": "contact without an interview", "zh": "接触但未完成访问"},
    "screened out": {"en": "screened out", "zh": "甄别未通过"},
    "kept": {"en": "rows kept", "zh": "保留行数"},
    "asked": {"en": "cells of the questions found, in the rows kept", "zh": "保留行中已对应题目的单元格"},
    GIVEN: {"en": "answers", "zh": "有效回答"},
    BLANK: {"en": "left blank", "zh": "空白"},
    NOT_ASKED: {"en": "not asked (routing)", "zh": "跳题未问"},
    "set aside": {"en": "not readable, set aside", "zh": "无法识别，已搁置"},
}


@dataclass(frozen=True, eq=False, repr=False)
class FilledLedger(Result):
    """Where the rows and cells of an export went. Frame columns: ``part, step, n``.

    Rows read = rows lost for each reason + rows kept; cells = answers + each kind of missing. A step
    "disposition 211" counts the contacts that ended in this way. ``absent`` names the questions that no column answers.
    """

    source_name: str = ""
    dispositions: Mapping[str, Text] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    def title(self) -> str:
        return f"表单回收台账：{self.source_name}" if self.language == "zh" else f"What came back: {self.source_name}"

    def columns(self) -> tuple[Column, ...]:
        parts = {"rows": {"en": "rows", "zh": "行"}, "cells": {"en": "cells", "zh": "单元格"}}
        return (
            Column("part", {"en": "of", "zh": "对象"}, "text", parts),
            Column("step", {"en": "step", "zh": "步骤"}, "text", {**STEPS, **self.dispositions}),
            Column("n", {"en": "n", "zh": "数量"}, "count"),
        )

    def count(self, step: str) -> int:
        """How many rows or cells went this way."""
        return int(self.frame.set_index("step")["n"].get(step, 0))

    def adds_up(self) -> bool:
        """True if nothing is lost between what was read and what is accounted for."""
        parts = [self.frame.loc[self.frame["part"] == part, "n"].tolist() for part in ("rows", "cells")]
        return all(2 * part[0] == sum(part) for part in parts)

    def note(self) -> str:
        if self.language == "zh":
            lacking = f"文件中没有以下题目的列：{_some(self.absent, '、')}。" if self.absent else ""
            return f"读入行数 = 各项剔除 + 保留行数；单元格 = 有效回答 + 各类缺失。{lacking}"
        lacking = f" No column answers: {_some(self.absent, ', ')}." if self.absent else ""
        return f"Rows read = rows lost for each reason + rows kept; cells = answers + each kind of missing.{lacking}"


@dataclass(frozen=True, eq=False)
class Filled:
    """A filled form, ready for analysis.

    Attributes
    ----------
    frame : a row per interview kept; columns named as in the questionnaire, answers as codes, then ``_id, _start, _end,
        _seconds, _language`` where the export has them, ``_disposition`` where the form asks it, and ``_row``: where
        the row stands in the file, a spreadsheet's header being row 1
    ledger : what became of every row and cell
    cases : cells that could not be read and were set aside: file, row, column, value, problem
    flagged : rows that want a look: kept, but the same submission twice, without a disposition, or with answers that the
        routing passes by; screened out, but with the disposition of an interview, or none
    contacts : a row per contact whose ending is known: ``block, store, date, hour`` as far as the file tells them,
        ``outcome`` in AAPOR's codes ("2.11"), and ``_row``; empty where the form asks no disposition
    repeats : section asked several times -> its own frame, a row per answer; ``_id`` is that of its interview
    tool : which tool's export it is; ``matched`` says which of its columns fills which of ours
    unknown : columns that answer no question and were left out
    personal : columns that were not read because they tell who or where a respondent is
    absent : questions that no column answers
    dont_know : codes for "don't know", as ``servqual.Responses`` takes them
    remarks : what else must be known about the reading, in both languages
    """

    frame: pd.DataFrame
    ledger: FilledLedger
    cases: pd.DataFrame
    flagged: pd.DataFrame
    repeats: Mapping[str, pd.DataFrame]
    tool: Tool
    matched: Mapping[str, str]
    unknown: tuple[str, ...]
    personal: tuple[str, ...]
    absent: tuple[str, ...]
    dont_know: tuple[Any, ...]
    source: Source
    remarks: tuple[Text, ...] = ()
    contacts: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def n(self) -> int:
        """Interviews kept."""
        return len(self.frame)

    def dispositions(self) -> pd.DataFrame:
        """How many contacts ended in which way: ``block, store, date, hour, outcome, count``, as far as they are known.

        The codes are those of the tally sheet, so that ``count_outcomes(filled.contacts, by=["block", "store"])`` of
        ``survey_design.intercepts`` gives what ``outcome_rates`` reads. A contact's block is the form's question
        ``block``, or a column ``block`` carried along by ``keep``; else its store and day. A form knows only those who
        were approached: leavers who were missed stand on the tally sheet alone, so rates from forms are upper bounds.

        Raises
        ------
        DataError
            If the file tells no dispositions.
        """
        if self.contacts.empty:
            raise DataError(
                f"{self.source.name} tells no dispositions: the form asks for none, or no column of the file answers it."
            )
        return count_contacts(self.contacts)

    def sentence(self, language: Language = "en") -> str:
        """What kind of file it was, what was kept, and what was left out, in words."""
        tool, read = say(EXPORTS[self.tool].label, language), self.ledger.count("read")
        said = [say(remark, language) for remark in self.remarks]
        if language == "zh":
            lists = (
                ("未对应题目的列（未保留）", self.unknown),
                ("个人信息列（未读入）", self.personal),
                ("文件中没有的题目", self.absent),
            )
            tool = f" {tool} " if tool.isascii() or tool[0].isascii() else tool
            head = f"{self.source.name} 按{tool}导出文件读取：共 {read:,} 行，保留 {self.n:,} 行。"
            more = [f"{what}：{_some(names, '、')}。" for what, names in lists if names]
            flagged = [f"{len(self.flagged):,} 处需要核对。"] if len(self.flagged) else []
            return "".join([head, *said, *more, *flagged])
        lists = (("Columns that answer no question, left out", self.unknown), ("Columns with personal data, not read", self.personal),
                 ("Questions that no column answers", self.absent))  # fmt: skip
        head = f"{self.source.name} was read as an export of {tool}: {read:,} rows, {self.n:,} kept."
        more = [f"{what}: {_some(names, ', ')}." for what, names in lists if names]
        flagged = [f"Rows to look at: {len(self.flagged):,}."] if len(self.flagged) else []
        return " ".join([head, *said, *more, *flagged])

    def __repr__(self) -> str:
        lacking = f", no column answers {_some(self.absent, ', ')}" if self.absent else ""
        return f"<Filled {self.source.name}: n = {self.n}, {self.tool}{lacking}>"


def _some(names: Sequence[str], comma: str) -> str:
    return comma.join(names[:8]) + (f"{comma}… ({len(names)})" if len(names) > 8 else "")


def read_filled(
    source: str | Path | pd.DataFrame,
    questionnaire: Questionnaire,
    *,
    form_of: FormOf = "auto",
    faults: Faults = "raise",
    incomplete: Incomplete = "drop",
    numbers: Numbers = "auto",
    absent: Absent = "raise",
    keep: Sequence[str] = (),
    repeats: Mapping[str, str | Path | pd.DataFrame] | None = None,
    encoding: str | None = None,
    sheet: str | int = 0,
    language: Language = "en",
) -> Filled:
    """Read the export of a filled form; no mapping of columns or codes is needed.

    Parameters
    ----------
    source : CSV (UTF-8, GB18030, ...) or Excel file as the tool exports it, or a DataFrame of its cells; only read
    questionnaire : the form that was filled
    form_of : {"auto", "xlsform", "wjx", "limesurvey", "qualtrics"}
        Which tool's export it is; told by its columns if not given. "xlsform" stands for KoboToolbox and ODK.
    faults : {"raise", "set aside"}
        What to do with cells that say no answer of their question: raise one error that lists them all, or leave them
        blank and list them in ``cases``.
    incomplete : {"drop", "keep"}
        What to do with rows that the tool calls unfinished (LimeSurvey, Qualtrics).
    numbers : {"auto", "codes", "positions"}
        What a number means where a choice is asked. Wenjuanxing, LimeSurvey and Qualtrics may count the answers
        instead of exporting codes: 2 is then the second answer. "auto" takes whatever fits all cells of a column;
        where both fit and differ, an error names the columns.
    absent : {"raise", "accept"}
        What to do where no column answers a graded question that is required: raise an error that names the headings that
        come nearest, or go on without; what is absent stands in ``absent``, in the repr and below the ledger.
    keep : further columns of the file to carry along (a hidden field such as the store's tier)
    repeats : section asked several times -> the file or frame with its answers. From an Excel file the sheet with the
        section's name is read by itself
    encoding, sheet : as in :func:`survey_design.files.table.read_table`
    language : of the ledger

    Returns
    -------
    Filled

    Raises
    ------
    DataError
        If the tool is not known, two columns answer one question, a column may answer several, a required item has no
        column, or cells say no answer (one that doesn't belong to the answer before, where the form filters choices,
        says none); ``cases`` lists them with their rows.

    Notes
    -----
    Columns are matched by the questionnaire's names, with or without their groups ("visit/minutes", "visit-minutes",
    "P[TAN1]"); else by their words in any language, with or without the number and the stem of a matrix ("3、...—row",
    "stem - item", "stem [item]"); else, if none can be found, all of them by their places. Cells are codes, words, or
    places. Several ticked answers stand in one column, or in one column each.

    Rows that hold no interview are counted, not kept: tests and previews, spam, rejected, unfinished, contacts whose
    disposition is no interview, people screened out. Addresses, devices, places and names that the tool adds are not
    read at all. Formats follow the tools' documentation as of 2025; Wenjuanxing's follows exports in use: -3 or "(跳过)"
    is a question skipped, -2 or "(空)" one left blank.

    Tools leave a cell empty whether a question was passed by or not answered. So the conditions of questions and
    sections are held against the answers: a blank where one isn't met counts as "not asked"; an answer there is kept
    and flagged.

    Examples
    --------
    >>> from survey_design.questionnaire import Question, Scale, Section
    >>> scale = Scale(1, 5, {"en": "No", "zh": "否"}, {"en": "Yes", "zh": "是"})
    >>> asked = (Question("P_1", "graded", {"en": "Clean?", "zh": "整洁吗？"}, scale=scale, dont_know=(99, "?")),)
    >>> form = Questionnaire("shop", "1", {"en": "Shop", "zh": "门店"}, (Section("s", "S", asked),))
    >>> export = {"序号": [1, 2], "所用时间": ["61秒", "75秒"], "来自IP": ["a", "b"], "1、整洁吗？": ["4", "是"]}
    >>> filled = read_filled(pd.DataFrame(export), form)
    >>> filled.frame[["P_1", "_id", "_seconds"]].to_dict("list"), filled.personal
    ({'P_1': [4, 5], '_id': ['1', '2'], '_seconds': [61.0, 75.0]}, ('来自IP',))
    """
    for name, value, kind in (("form_of", form_of, FormOf), ("faults", faults, Faults), ("incomplete", incomplete, Incomplete),
                              ("numbers", numbers, Numbers), ("absent", absent, Absent), ("language", language, Language)):  # fmt: skip
        check_choice(name, value, kind)
    if not isinstance(questionnaire, Questionnaire):
        raise SpecError(
            f"questionnaire={questionnaire!r:.60} is no Questionnaire. Give load_instrument(...).questionnaire()."
        )
    sheet_ = _open(source, form_of, encoding, sheet, questionnaire)
    check_columns(keep, sheet_.frame.columns, sheet_.source.name)
    private = [name for name in keep if tells_who(name, sheet_.tool)]
    if private:
        raise SpecError(
            f"keep={private!r}: these columns tell who or where a respondent is; they are never carried along."
        )
    matched = _match(sheet_, targets_of(questionnaire), questionnaire, keep)
    _refuse_signs(sheet_, matched)
    answers = _read_answers(sheet_, matched, numbers)
    lacking = tuple(name for name in _asked(questionnaire) if name not in answers.columns)
    if absent == "raise":
        _refuse_absent(lacking, matched, questionnaire, sheet_.source.name)
    answers = _routed(_paired(answers, questionnaire), questionnaire)
    fate, flagged = _fates(sheet_, answers, questionnaire, incomplete)
    found = answers.faults[fate[answers.faults["place"].to_numpy(int)] == "kept"]
    cases = _as_cases(found, sheet_)
    if faults == "raise" and len(cases):
        _raise_cases(cases, sheet_.source.name)
    frame = _frame(sheet_, answers, questionnaire, keep)[fate == "kept"].reset_index(drop=True)
    told = _read_repeats(source, questionnaire, repeats or {}, sheet_, fate, numbers, encoding)
    return Filled(
        frame,
        replace(_ledger(sheet_, fate, answers, questionnaire, language), absent=lacking),
        cases,
        flagged,
        told,
        sheet_.tool,
        {heading: target.column for heading, target in matched.targets.items()},
        matched.unknown,
        tuple(name for name in sheet_.frame.columns if column_key(name) in EXPORTS[sheet_.tool].personal),
        lacking,
        _dont_know(questionnaire),
        sheet_.source,
        (*matched.remarks, *_grade_remarks(sheet_, matched, numbers), *_spoken_remarks(sheet_)),
        _contacts(sheet_, answers, questionnaire, fate, keep),
    )


def _dont_know(questionnaire: Questionnaire) -> tuple[Any, ...]:
    codes = [question.dont_know[0] for question in questionnaire.questions
             if question.kind == "graded" and question.dont_know is not None]  # fmt: skip
    return tuple(dict.fromkeys(codes))


def _asked(questionnaire: Questionnaire) -> list[str]:
    """Columns of the answers of questions that are asked once."""
    return [column for section in questionnaire.sections if not section.repeat
            for question in section.questions for column in question.answer_columns]  # fmt: skip


# --- the sheet ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The cells of an export, who wrote it, where its rows stand, and its columns that are the tool's own."""

    frame: pd.DataFrame
    source: Source
    tool: Tool
    rows: Array
    roles: Mapping[str, str]

    def told(self, role: str) -> list[str]:
        """(n,) what a column of the tool's own tells, as texts; empty texts where there is none."""
        if role not in self.roles:
            return [""] * len(self.frame)
        return [text_of(cell) for cell in self.frame[self.roles[role]]]


def _open(source: Any, form_of: FormOf, encoding: str | None, sheet: str | int, questionnaire: Questionnaire) -> _Sheet:
    """The table; three header rows where Qualtrics wrote it."""
    try:
        frame, read = (_without_headers(source) if isinstance(source, pd.DataFrame)
                       else read_table(source, encoding=encoding, sheet=sheet))  # fmt: skip
    except DataError as error:
        refuse_equal_words(error, questionnaire)
        raise
    tool: Tool = recognise(frame.columns, read.name) if form_of == "auto" else form_of
    if tool == "qualtrics" and not isinstance(source, pd.DataFrame) and _has_import_ids(frame):
        frame, read = read_table(source, encoding=encoding, sheet=sheet, header_rows=3)
    return _Sheet(frame, read, tool, np.asarray(read.rows), role_columns(map(str, frame.columns), tool))


def _has_import_ids(frame: pd.DataFrame) -> bool:
    return any("ImportId" in str(cell) for cell in frame.head(2).to_numpy().ravel())


def _without_headers(frame: pd.DataFrame) -> tuple[pd.DataFrame, Source]:
    """A DataFrame with texts as column names, without further header rows that are still among its rows."""
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        found = [("data frame", 1, name, place) for place, name in enumerate(names, start=1) if name in twice]
        raise DataError(
            f"data frame: the column {', '.join(map(repr, twice))} occurs more than once. Rename one of them.",
            pd.DataFrame(found, columns=_CASES[:4]).assign(problem=TWICE),
        )
    extra = 2 if _has_import_ids(frame) else 0
    labels: dict[str, str] = {}
    if extra:
        labels = {name: text_of(cell) for name, cell in zip(names, frame.iloc[0], strict=True)}
    kept = frame.iloc[extra:].set_axis(names, axis=1).reset_index(drop=True)
    source = Source(n_raw=len(kept), rows=np.arange(len(kept)) + 2 + extra)
    return kept, replace(source, labels=replace(source.labels, variables=labels))


def _match(sheet: _Sheet, targets: Sequence[Target], questionnaire: Questionnaire, keep: Sequence[str]) -> Matched:
    """Which column answers which question; the tool's own columns, the form's notes and groups stand aside."""
    export, helpers = EXPORTS[sheet.tool], {name.casefold() for name in helper_names(questionnaire)}
    ours = {target.column.casefold() for target in targets} if sheet.tool == "xlsform" else set()
    headings = [
        name
        for name in sheet.frame.columns
        if name not in keep
        and (column_key(name) in ours or not (export.knows(column_key(name)) or _own_rule(name, sheet)))
        and not (sheet.tool == "xlsform" and _last(name).casefold() in helpers)
    ]
    labels = sheet.source.labels.variables
    return match_columns(headings, labels, targets, sheet.tool, sheet.source.name)


def _own_rule(name: str, sheet: _Sheet) -> bool:
    """Columns that a tool adds by a rule: LimeSurvey's times, Qualtrics' clicks, Kobo's coordinates and links."""
    key = column_key(name)
    if sheet.tool == "limesurvey":
        return key.startswith("grouptime") or (
            name.endswith("Time") and name.removesuffix("Time") in sheet.frame.columns
        )
    if sheet.tool == "qualtrics":
        return key.endswith(("_first click", "_last click", "_page submit", "_click count"))
    ends = ("_url", "_latitude", "_longitude", "_altitude", "_precision")
    return sheet.tool == "xlsform" and any(
        key.endswith(end) and name[: -len(end)] in sheet.frame.columns for end in ends
    )


def _last(name: str) -> str:
    return name.replace("-", "/").rsplit("/", 1)[-1]


# --- answers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Answers:
    """Columns of ours that were found, and the cells that say no answer: (place, column, value, problem)."""

    columns: Mapping[str, Cells]
    faults: pd.DataFrame
    contradictions: Sequence[Contradiction] = ()


def _read_answers(sheet: _Sheet, matched: Matched, numbers: Numbers) -> _Answers:
    whole = {target.column: (name, target) for name, target in matched.targets.items() if target.option is None}
    split: dict[str, dict[Any, str]] = {}
    for name, target in matched.targets.items():
        if target.option is not None:
            split.setdefault(target.column, {})[target.option] = name
    if numbers == "auto":
        _refuse_unclear(sheet, whole)
    columns: dict[str, Cells] = {}
    faults: list[tuple[int, str, Any, str]] = []
    for column, (name, target) in whole.items():
        if column in split:
            continue  # ticked columns say it without guessing
        question = _plain(target)
        columns[column] = read_column(sheet.frame[name], question, sheet.tool, numbers)
        faults += _faults_of(columns[column], column, sheet.frame[name])
    for column, names in split.items():
        question = next(target.question for target in matched.targets.values() if target.column == column)
        ticks = {code: sheet.frame[name] for code, name in names.items()}
        columns[column], odd = read_ticks(ticks, question, sheet.tool)
        faults += [(k, column, ticks[code].iloc[k], f"neither ticked nor not, for '{code}'") for k, code in odd]
    faults += _wrong_totals(columns, matched)
    table = pd.DataFrame(faults, columns=["place", "column", "value", "problem"]).astype({"place": int})
    return _Answers(columns, table)


def _routed(answers: _Answers, questionnaire: Questionnaire) -> _Answers:
    """The answers, where blanks of questions that routing passed by are told from blanks."""
    columns, contradictions = route(answers.columns, questionnaire)
    return replace(answers, columns=columns, contradictions=contradictions)


def _paired(answers: _Answers, questionnaire: Questionnaire) -> _Answers:
    """The answers, where a choice that lies within another answer than the one given says none."""
    columns, faults = dict(answers.columns), []
    for question in questionnaire.questions:
        if not question.filter_by or not {question.name, question.filter_by} <= set(columns):
            continue
        within = {str(choice.value): choice.within for choice in question.choices}
        cells, others = columns[question.name], columns[question.filter_by].values
        values, states = list(cells.values), list(cells.states)
        for k, (value, other) in enumerate(zip(values, others, strict=True)):
            given = [] if value is None or other is None else str(value).split()
            strange = [code for code in given if within.get(code) is not None and str(within[code]) != str(other)]
            if strange:
                values[k], states[k] = None, f"belongs to '{within[strange[0]]}', not to {question.filter_by} '{other}'"
                faults.append((k, question.name, value, states[k]))
        columns[question.name] = Cells(values, states)
    table = pd.DataFrame(faults, columns=answers.faults.columns).astype({"place": int})
    found = pd.concat([answers.faults, table], ignore_index=True) if faults else answers.faults
    return replace(answers, columns=columns, faults=found)


def _refuse_absent(lacking: Sequence[str], matched: Matched, questionnaire: Questionnaire, where: str) -> None:
    """Stop where a required item has no column, and name the headings that come nearest to it."""
    items = {
        question.name: question
        for question in questionnaire.questions
        if question.kind == "graded" and question.required
    }
    lost = [name for name in lacking if name in items]
    if not lost:
        return
    near = {name: nearest_heading(items[name], matched.unknown) for name in lost}
    said = [f"{name} ({say(items[name].label, questionnaire.shown)})" +
            (f", nearest heading: '{near[name]}'" if near[name] else "") for name in lost[:5]]  # fmt: skip
    more = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
    cases = pd.DataFrame({"file": where, "row": 1, "column": lost, "value": list(near.values()),
                          "problem": "no column answers this required question"})  # fmt: skip
    raise DataError(
        f"{where}: no column answers {len(lost)} required question{'s' * (len(lost) > 1)}: {'; '.join(said)}{more}. Correct "
        "the heading, or pass absent='accept' if this was not asked.",
        cases,
    )


def _plain(target: Target) -> Question:
    """The question as its column holds it: what is collected beside an answer is a text."""
    if target.column in target.question.evidence_columns:
        return Question(target.column, "text", target.question.label)
    return target.question


def _faults_of(cells: Cells, column: str, raw: pd.Series) -> list[tuple[int, str, Any, str]]:
    return [(k, column, raw.iloc[k], state) for k, state in enumerate(cells.states) if state not in STATES]


def _wrong_totals(columns: Mapping[str, Cells], matched: Matched) -> list[tuple[int, str, Any, str]]:
    """Rows whose parts are all given and don't sum to the total."""
    questions = {id(t.question): t.question for t in matched.targets.values() if t.question.kind == "points"}
    faults = []
    for question in questions.values():
        parts = [columns[name] for name in question.answer_columns if name in columns]
        if len(parts) < len(question.answer_columns):
            continue
        for k, values in enumerate(zip(*(part.values for part in parts), strict=True)):
            if None not in values and abs(sum(values) - question.total) > 1e-9:
                listed = " + ".join(f"{value:g}" for value in values)
                faults.append((k, question.name, listed, f"parts sum to {sum(values):g}, not {question.total:g}"))
    return faults


def _refuse_unclear(sheet: _Sheet, whole: Mapping[str, tuple[str, Target]]) -> None:
    unclear = [name for name, target in whole.values()
               if unclear_numbers(target.question, sheet.tool, {text_of(cell) for cell in sheet.frame[name]})]  # fmt: skip
    if unclear:
        cases = pd.DataFrame({"file": sheet.source.name, "row": 1, "column": unclear, "value": "",
                              "problem": "numbers may be codes or places"})  # fmt: skip
        raise DataError(
            f"{sheet.source.name}: the numbers in {', '.join(map(repr, unclear[:5]))} may be the form's codes or the places of "
            "the answers, which differ. Say numbers='codes' or numbers='positions', or export the words.",
            cases,
        )


def _refuse_signs(sheet: _Sheet, matched: Matched) -> None:
    """Refuses numbers that the tool writes for "skipped" where they are possible answers too."""
    found = [(name, sign) for name, target in matched.targets.items()
             for sign in signs_like_answers(target.question, sheet.tool, {text_of(cell) for cell in sheet.frame[name]})]  # fmt: skip
    if not found:
        return
    cases = pd.DataFrame({"file": sheet.source.name, "row": 1, "column": [name for name, _ in found],
                          "value": [sign for _, sign in found], "problem": "skipped, or an answer"})  # fmt: skip
    told = ", ".join(f"{sign} in {name!r}" for name, sign in found[:5])
    raise DataError(
        f"{sheet.source.name}: {told} may mean that nobody answered, as this tool writes it, or be an answer. Export the words, "
        "or replace the numbers for skipped questions by empty cells.",
        cases,
    )


def _grade_remarks(sheet: _Sheet, matched: Matched, numbers: Numbers) -> tuple[Text, ...]:
    """That grades not beginning at 1 were taken as they stand, where they might as well be counted places."""
    if numbers != "auto":
        return ()
    names = [target.column for name, target in matched.targets.items()
             if graded_otherwise(target.question, sheet.tool, {text_of(cell) for cell in sheet.frame[name]})]  # fmt: skip
    if not names:
        return ()
    return (
        {
            "en": f"the numbers of {', '.join(names)} are taken as the form's grades; if they count the answers from 1, say "
            "numbers='positions'",
            "zh": f"{'、'.join(names)} 的数字按问卷的分值读取；如为选项序号（从 1 起），请设 numbers='positions'",
        },
    )


def _as_cases(faults: pd.DataFrame, sheet: _Sheet) -> pd.DataFrame:
    rows = sheet.rows[faults["place"].to_numpy(int)]
    cases = pd.DataFrame({"file": sheet.source.name, "row": rows, "column": faults["column"].to_numpy(),
                          "value": faults["value"].to_numpy(), "problem": faults["problem"].to_numpy()})  # fmt: skip
    return cases.sort_values(["row"], kind="stable", ignore_index=True)


def _raise_cases(cases: pd.DataFrame, where: str) -> None:
    said = []
    for (column, problem), part in cases.groupby(["column", "problem"], sort=False):
        values = ", ".join(dict.fromkeys(repr(str(value)) for value in part["value"]))
        rows = ", ".join(map(str, part["row"].head(5))) + (", …" if len(part) > 5 else "")
        said.append(f"{column}: {problem}: {values[:80]} (row {rows})" if len(part) == 1
                    else f"{column}: {problem}: {values[:80]} (rows {rows})")  # fmt: skip
    more = f"; and {len(said) - 6} more" if len(said) > 6 else ""
    raise DataError(
        f"{where}: {len(cases)} cells say no answer of their question. {'; '.join(said[:6])}{more}. Correct the file, or pass "
        "faults='set aside'; error.cases lists all of them.",
        cases,
    )


# --- what becomes of a row ---------------------------------------------------------------------------------


def _fates(
    sheet: _Sheet, answers: _Answers, questionnaire: Questionnaire, incomplete: Incomplete
) -> tuple[Array, pd.DataFrame]:
    """(n,) what becomes of each row, and the rows to look at."""
    n = len(sheet.frame)
    fate = np.full(n, "kept", dtype=object)
    answered = np.zeros(n, dtype=bool)
    for cells in answers.columns.values():
        answered |= np.array([state not in (BLANK, NOT_ASKED) for state in cells.states])
    status = [text.casefold() for text in sheet.told("status")]
    review = [text.casefold().replace("_", " ") for text in sheet.told("review")]
    rules: list[tuple[str, Iterable[bool]]] = [
        ("empty", ~answered),
        ("test", (text in _PREVIEWS for text in status)),
        ("test", (text.casefold() in _YES for text in sheet.told("test"))),
        ("spam", (text in _SPAM for text in status)),
        ("rejected", (text in ("rejected", "not approved", "validation status not approved") for text in review)),
    ]
    if incomplete == "drop":
        rules.append(("incomplete", _unfinished(sheet)))
    rules += _disposition_rules(answers, questionnaire)
    rules += [("screened out", _fails(answers, condition, questionnaire)) for condition in questionnaire.screening]
    for step, hit in rules:
        mask = np.fromiter(hit, dtype=bool, count=n)
        fate[mask & (fate == "kept")] = step
    return fate, _flagged(sheet, answers, questionnaire, fate)


def _unfinished(sheet: _Sheet) -> list[bool]:
    """True where the tool says that a row was not finished; False where it says nothing of it."""
    if "finished" not in sheet.roles:
        return [False] * len(sheet.frame)
    said = [text.casefold() for text in sheet.told("finished")]
    if sheet.tool == "limesurvey":
        return [text in ("", "n/a") for text in said]
    return [text in ("0", "false", "no", "否") for text in said]


def _disposition_rules(answers: _Answers, questionnaire: Questionnaire) -> list[tuple[str, Iterable[bool]]]:
    """One rule for each way in which a contact may end without an interview."""
    name = questionnaire.disposition
    if not name or name not in answers.columns:
        return []
    values = answers.columns[name].values
    codes = [code for code in questionnaire.question(name).codes if code not in questionnaire.interviews]
    return [(f"disposition {code}", [value == code for value in values]) for code in codes]


def _fails(answers: _Answers, condition: Condition, questionnaire: Questionnaire) -> list[bool]:
    """True where an answer is given and doesn't fulfil the condition; a blank screens nobody out."""
    if condition.question not in answers.columns:
        return [False] * len(next(iter(answers.columns.values())).values)
    question = questionnaire.question(condition.question)
    return [value is not None and not fulfils(value, condition, question)
            for value in answers.columns[condition.question].values]  # fmt: skip


def _flagged(sheet: _Sheet, answers: _Answers, questionnaire: Questionnaire, fate: Array) -> pd.DataFrame:
    """Rows that want a look: seen before, ending and answers at odds, answers to questions that were not asked."""
    found = [*_seen_before(sheet, fate), *_odd_endings(answers, questionnaire, fate)]
    found += [(each.place, each.columns[0], each.values[0], each.problem())
              for each in answers.contradictions if fate[each.place] == "kept"]  # fmt: skip
    rows = [(sheet.source.name, int(sheet.rows[k]), *told) for k, *told in found]
    return pd.DataFrame(rows, columns=_CASES)


def _seen_before(sheet: _Sheet, fate: Array) -> Iterator[tuple[int, str, Any, str]]:
    first: dict[str, int] = {}
    for k, text in enumerate(sheet.told("id")):
        if text and text in first and fate[k] == "kept":
            yield k, sheet.roles["id"], text, f"the same submission as row {sheet.rows[first[text]]}"
        if text and fate[k] == "kept":
            first.setdefault(text, k)


def _odd_endings(answers: _Answers, questionnaire: Questionnaire, fate: Array) -> Iterator[tuple[int, str, Any, str]]:
    name = questionnaire.disposition
    for k, value in enumerate(answers.columns[name].values if name in answers.columns else ()):
        if fate[k] == "kept" and value is None:
            yield k, name, "", "no disposition; counted as an interview"
        elif fate[k] == "screened out":
            problem = "screened out without a disposition" if value is None else "an interview, yet screened out"
            yield k, name, "" if value is None else value, f"{problem}; not among the contacts"


def _contacts(
    sheet: _Sheet, answers: _Answers, questionnaire: Questionnaire, fate: Array, keep: Sequence[str]
) -> pd.DataFrame:
    """A row per contact whose ending is known; what was kept without a disposition counts as an interview."""
    name = questionnaire.disposition
    if name not in answers.columns:
        return pd.DataFrame()
    endings = [questionnaire.interviews[0] if value is None else value for value in answers.columns[name].values]
    at = [k for k, said in enumerate(fate) if said == "kept" or said.startswith("disposition ")]
    told: dict[str, Sequence[Any]] = {column: sheet.frame[column].tolist() for column in keep}
    told |= {column: cells.values for column, cells in answers.columns.items()}
    if "start" in sheet.roles:
        told["_start"] = sheet.told("start")
    known = {column: [told[column][k] for k in at] for column in (*PLACES, "_start") if column in told}
    return contact_rows(known, [endings[k] for k in at], sheet.rows[at].tolist())


# --- what is handed over -----------------------------------------------------------------------------------


def _frame(sheet: _Sheet, answers: _Answers, questionnaire: Questionnaire, keep: Sequence[str]) -> pd.DataFrame:
    """All rows: answers under our names in the order asked, then what the tool tells, then where each row stands."""
    found = {name: answers.columns[name].series() for name in questionnaire.columns if name in answers.columns}
    for place, column, problem in answers.faults[["place", "column", "problem"]].itertuples(index=False):
        if problem.startswith("parts sum to"):
            for part in questionnaire.question(column).answer_columns:
                found[part] = found[part].mask(found[part].index == place)
    frame = pd.DataFrame(found, index=range(len(sheet.frame)))
    for name in keep:
        frame[name] = sheet.frame[name].to_numpy()
    for role, name in META.items():
        if role in sheet.roles:
            frame[name] = _meta(sheet, role)
    if "seconds" not in sheet.roles and {"start", "end"} <= set(sheet.roles):
        frame["_seconds"] = _between(sheet.told("start"), sheet.told("end"))
    if questionnaire.disposition in frame:
        frame["_disposition"] = frame[questionnaire.disposition]
    return frame.assign(_row=sheet.rows)


def _meta(sheet: _Sheet, role: str) -> list[Any]:
    if role == "seconds":
        return [seconds_of(cell) for cell in sheet.frame[sheet.roles[role]]]
    return [text or None for text in sheet.told(role)]


def _between(starts: Sequence[str], ends: Sequence[str]) -> Any:
    """(n,) seconds from start to end, nan where either says no time."""
    first, last = (pd.to_datetime(pd.Series(list(times)), errors="coerce", utc=True, format="ISO8601")
                   for times in (starts, ends))  # fmt: skip
    return (last - first).dt.total_seconds()


def _ledger(
    sheet: _Sheet, fate: Array, answers: _Answers, questionnaire: Questionnaire, language: Language
) -> FilledLedger:
    counts, again = Counter(fate.tolist()), sheet.source.n_header_repeated
    words: dict[str, Text] = {}
    if questionnaire.disposition:
        options = questionnaire.question(questionnaire.disposition).options
        words = {f"disposition {option.value}": {each: f"{STEPS['disposition'][each]}{'：' if each == 'zh' else ': '}"
                 f"{say(option.label, each)}" for each in get_args(Language)} for option in options}  # fmt: skip
    steps = [
        "empty",
        "test",
        "spam",
        "rejected",
        "incomplete",
        *(step for step in words if counts[step]),
        "screened out",
    ]
    rows = [("rows", "read", len(sheet.frame) + again), ("rows", "header repeated", again)]
    rows += [("rows", step, counts[step]) for step in (*steps, "kept")]
    kept = np.flatnonzero(fate == "kept")
    states = Counter(cells.states[k] for cells in answers.columns.values() for k in kept)
    given = {state: states.pop(state, 0) for state in STATES}
    wrong = answers.faults["problem"].str.startswith("parts sum to") if len(answers.faults) else pd.Series(dtype=bool)
    totals = answers.faults[wrong] if len(answers.faults) else answers.faults
    lost = sum(len(questionnaire.question(column).answer_columns)
               for place, column in totals[["place", "column"]].itertuples(index=False) if fate[place] == "kept")  # fmt: skip
    rows += [("cells", "asked", len(kept) * len(answers.columns)), ("cells", GIVEN, given[GIVEN] - lost)]
    rows += [("cells", state, given[state]) for state in (BLANK, NOT_ASKED)]
    rows.append(("cells", "set aside", sum(states.values()) + lost))
    return FilledLedger(pd.DataFrame(rows, columns=["part", "step", "n"]), language, sheet.source.name, words)


def _spoken_remarks(sheet: _Sheet) -> tuple[Text, ...]:
    guess = (sheet.source.guess,) if sheet.source.guess else ()
    return (*guess, *sheet.source.remarks)


# --- sections asked several times --------------------------------------------------------------------------


def _read_repeats(
    source: Any, questionnaire: Questionnaire, given: Mapping[str, Any], parent: _Sheet, fate: Array, numbers: Numbers,
    encoding: str | None,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """The answers of each section that is asked several times, joined to their interviews."""
    sections = [section.name for section in questionnaire.sections if section.repeat]
    strange = [name for name in given if name not in sections]
    if strange:
        raise SpecError(
            f"repeats names {', '.join(map(repr, strange))}; sections asked several times: {', '.join(sections) or 'none'}."
        )
    book = not isinstance(source, pd.DataFrame) and Path(source).suffix.lower() in _EXCEL
    told = {}
    for name in sections:
        if name in given:
            part = _open(given[name], parent.tool, encoding, 0, questionnaire)
        elif book:
            part = _open(source, parent.tool, encoding, name, questionnaire)
        else:
            continue
        told[name] = _joined_repeat(part, parent, fate, questionnaire, name, numbers)
    return told


def _joined_repeat(
    part: _Sheet, parent: _Sheet, fate: Array, questionnaire: Questionnaire, name: str, numbers: Numbers
) -> pd.DataFrame:
    """A row per time asked, of interviews kept; a line whose interview is not in the file is an error."""
    places = _places(part, parent)
    lost = [int(part.rows[k]) for k, place in enumerate(places) if place is None]
    if lost:
        cases = pd.DataFrame(
            {"file": part.source.name, "row": lost, "column": name, "value": "", "problem": "no such interview"}
        )
        raise DataError(
            f"{part.source.name}: {len(lost)} rows of section '{name}' belong to no interview of the file (rows "
            f"{', '.join(map(str, lost[:5]))}). Export both in one go.",
            cases,
        )
    matched = _match(part, targets_of(questionnaire, repeat=name), questionnaire, ())
    answers = _read_answers(part, matched, numbers)
    if len(answers.faults):
        _raise_cases(_as_cases(answers.faults, part), part.source.name)
    kept = [k for k, place in enumerate(places) if place is not None and fate[place] == "kept"]
    frame = pd.DataFrame(
        {column: cells.series() for column, cells in answers.columns.items()}, index=range(len(part.frame))
    )
    own = [place for place in places if place is not None]
    frame.insert(0, "_id", [parent.told("id")[place] or None for place in own])
    frame = frame.assign(_parent_row=parent.rows[own], _row=part.rows)
    return frame.iloc[kept].reset_index(drop=True)


def _places(part: _Sheet, parent: _Sheet) -> list[int | None]:
    """Where the interview of each line stands: by the key, the id or the index that Kobo and ODK write."""
    for own, theirs in (("parent", "id"), ("parent index", "index"), ("parent number", "number")):
        if own in part.roles and theirs in parent.roles:
            where = {text: k for k, text in reversed(list(enumerate(parent.told(theirs)))) if text}
            return [where.get(text) for text in part.told(own)]
    raise DataError(
        f"{part.source.name}: nothing says to which interview a row belongs. It should have _parent_index, _submission__uuid "
        "or PARENT_KEY, and the main sheet _index, _uuid or KEY."
    )
