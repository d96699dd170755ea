"""How does a questionnaire get onto a tablet? As an XLSForm, which KoboToolbox, ODK and Enketo read.

The workbook has three sheets: ``survey`` (a row per question), ``choices`` and ``settings``. Languages stand side by side
(``label::English (en)``, ``label::中文 (zh)``). Every answer comes back in a column that bears its question's name.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from survey_design.errors import SpecError, missing_extra
from survey_design.forms.archive import settled
from survey_design.outputs import write_whole
from survey_design.questionnaire import (
    EVIDENCE_WORDS,
    NUMERIC,
    Choice,
    Condition,
    Question,
    Questionnaire,
    Section,
    Words,
)
from survey_design.results import Language, Text, say

LANGUAGE_NAMES: Mapping[Language, str] = {"en": "English (en)", "zh": "中文 (zh)"}
PAGE_LENGTH = 8  # graded questions on one screen, under their lead

_TYPES = {"timed": "decimal", "counted": "integer", "number": "decimal", "text": "text", "date": "date", "note": "note"}
_EVIDENCE_TYPES = {"photo": "image", "audio": "audio", "note": "text"}
_EVIDENCE_SIZES = {"photo": "max-pixels=2000"}  # enough to read a price tag, small enough to send from a shop
_TRANSLATED = ("label", "hint", "constraint_message", "required_message")
_PLAIN = (
    *("type", "name", "required", "relevant", "constraint", "calculation", "choice_filter", "appearance", "parameters"),
)
_ORDER = (
    *("type", "name", "label", "hint", "required", "required_message", "relevant", "constraint"),
    *("constraint_message", "calculation", "choice_filter", "appearance", "parameters"),
)
_WIDTHS = {"type": 28, "name": 24, "list_name": 24, "label": 48, "hint": 32, "constraint": 32}

_REQUIRED: Text = {"en": "Please answer this question.", "zh": "请回答这一题。"}
_WITHIN: Text = {"en": "This choice doesn't belong to the answer given before.", "zh": "该选项与前面的回答不对应。"}
_LEFT: Text = {"en": "Still to share out: {left}", "zh": "尚未分配：{left}"}

Row = dict[str, Any]


def write_xlsform(questionnaire: Questionnaire, path: str | Path, *, check: bool = True) -> Path:
    """Write a questionnaire as an XLSForm (``.xlsx``) that runs in KoboToolbox and ODK.

    Parameters
    ----------
    questionnaire : what is asked; its languages stand side by side, the one shown first is the form's default
    path : ends in ``.xlsx``; the file appears whole or not at all, and the same form gives the same bytes
    check : convert the form with pyxform, as the servers do, before the file is put in place

    Notes
    -----
    Graded questions appear as a row of points (``likert``), up to eight to a screen under their lead; "don't know" is
    one more choice. Choices that lie within an earlier answer are offered under it alone (``choice_filter``), and a pair
    that doesn't fit, left over where the earlier answer was changed later, is refused. Parts of a question of points must sum to their total; what is left is shown. Photos and
    recordings get questions of their own, named ``question_photo``. Names of groups, notes and the running rest, which
    are in an export beside the answers, are listed by :func:`helper_names`.

    Source: the XLSForm standard, https://xlsform.org. Checked against: pyxform (converts without a warning) and
    ODK Validate.

    Examples
    --------
    >>> import tempfile
    >>> from survey_design.questionnaire import Section
    >>> bought = Question("bought", "yes_no", {"en": "Did you buy anything?", "zh": "您买东西了吗？"})
    >>> form = Questionnaire("visit", "1", "Visit", (Section("all", {"en": "All", "zh": "全部"}, (bought,)),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_xlsform(form, Path(folder) / "visit.xlsx").name
    'visit.xlsx'
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise SpecError(f"'{path.name}' is no name for an XLSForm. End it in .xlsx.")
    content = _workbook(xlsform_sheets(questionnaire))
    if check:
        _convert(content, path.name)
    return write_whole(path, content)


def xlsform_sheets(questionnaire: Questionnaire) -> dict[str, list[Row]]:
    """The rows of the sheets ``survey``, ``choices`` and ``settings``, keyed by column heading.

    >>> form = Questionnaire("f", "1", "F", (Section("s", "S", (Question("n", "counted", "How many?", maximum=9),)),))
    >>> row = xlsform_sheets(form)["survey"][3]
    >>> row["type"], row["name"], row["label::中文 (zh)"], row["constraint"]
    ('integer', 'n', 'How many?', '. >= 0 and . <= 9')
    """
    sheet = _Sheet(questionnaire)
    survey = [_translated(row, questionnaire.languages) for row in sheet.rows()]
    return {
        "survey": _with_columns(survey, questionnaire.languages),
        "choices": [row for name, options in sheet.lists.items() for row in _choice_rows(options, name, questionnaire)],
        "settings": [
            {
                "form_title": _titled(questionnaire),
                "form_id": questionnaire.name,
                "version": questionnaire.version,
                "default_language": LANGUAGE_NAMES[questionnaire.shown],
                "style": "pages",
            }
        ],
    }


def _titled(questionnaire: Questionnaire) -> str:
    """The title as the app lists it, after the company's name."""
    shown = questionnaire.shown
    return " · ".join(filter(None, (say(questionnaire.company, shown), say(questionnaire.title, shown))))


def helper_names(questionnaire: Questionnaire) -> tuple[str, ...]:
    """Names in the form that hold no answer: groups, notes, running rests, and the times that the app notes itself.

    >>> form = Questionnaire("f", "1", "F", (Section("s", "S", (Question("n", "counted", "How many?"),)),))
    >>> helper_names(form)
    ('start', 'end', 's')
    """
    rows = _Sheet(questionnaire).rows()
    return tuple(row["name"] for row in rows if row.get("name") and row["name"] not in questionnaire.columns)


# --- rows --------------------------------------------------------------------------------------------------


class _Sheet:
    """Writes the rows of the survey sheet, and remembers the lists of choices and the names that are taken."""

    def __init__(self, questionnaire: Questionnaire) -> None:
        self.form = questionnaire
        self.lists: dict[str, tuple[Choice, ...]] = {}
        self.taken = {
            name.casefold() for question in questionnaire.questions for name in (question.name, *question.columns)
        }
        self.taken |= {section.name.casefold() for section in questionnaire.sections}

    def rows(self) -> list[Row]:
        rows: list[Row] = [{"type": "start", "name": "start"}, {"type": "end", "name": "end"}]
        for part in ("intro", "consent"):
            words = getattr(self.form, part)
            if words:
                rows.append(self._note(part, words))
        for section in self.form.sections:
            rows += self._section(section)
        return rows

    def _section(self, section: Section) -> Iterator[Row]:
        kind = "repeat" if section.repeat else "group"
        yield {"type": f"begin_{kind}", "name": section.name, "label": section.label,
               "relevant": self._rule(section.relevant)}  # fmt: skip
        pages = _pages(section)
        lead_on_pages = len(pages[0]) > 1 and pages[0][0].kind == "graded"
        if section.lead and not lead_on_pages:
            yield self._note(f"{section.name}_lead", section.lead)
        for k, page in enumerate(pages, start=1):
            yield from self._page(section, page, k, lead_on_pages)
        yield {"type": f"end_{kind}"}

    def _page(self, section: Section, page: Sequence[Question], k: int, with_lead: bool) -> Iterator[Row]:
        """Graded questions on one screen, under the lead that their words continue; a question alone needs no group."""
        if len(page) > 1:
            yield {"type": "begin_group", "name": self._free(f"{section.name}_page{k}"), "label": section.label,
                   "appearance": "field-list"}  # fmt: skip
            if section.lead and with_lead:
                yield self._note(f"{section.name}_lead{k}", section.lead)
        for question in page:
            yield from self._question(question)
        if len(page) > 1:
            yield {"type": "end_group"}

    def _question(self, question: Question) -> Iterator[Row]:
        if question.kind == "points":
            yield from self._points(question)
        else:
            yield self._row(question)
        for kind, column in zip(question.evidence, question.evidence_columns, strict=False):
            words = {
                each: f"{say(EVIDENCE_WORDS[kind], each)}: {say(question.label, each)}" for each in self.form.languages
            }
            yield {"type": _EVIDENCE_TYPES[kind], "name": column, "label": words,
                   "relevant": self._rule(question.relevant), "parameters": _EVIDENCE_SIZES.get(kind, "")}  # fmt: skip

    def _row(self, question: Question) -> Row:
        kind = self._type(question)
        rule, message = _constraint(question)
        if question.filter_by:
            rule, message = _within_rule(question, kind.split()[1], rule), _both(message, _WITHIN)
        return {
            "type": kind,
            "name": question.name,
            "label": question.label,
            "hint": _hint(question, self.form.languages),
            **_required("yes" if question.required else ""),
            "relevant": self._rule(question.relevant),
            "constraint": rule,
            "constraint_message": message,
            "choice_filter": _choice_filter(question),
            "appearance": _appearance(question),
            "parameters": _EVIDENCE_SIZES.get(question.evidence[0], "") if question.kind == "evidence" else "",
        }

    def _type(self, question: Question) -> str:
        if question.kind == "evidence":
            return _EVIDENCE_TYPES[question.evidence[0]]
        if not question.options or question.kind in NUMERIC:
            return _TYPES[question.kind]
        same = [name for name, options in self.lists.items() if options == question.options]
        name = same[0] if same else f"{question.name}_answers"
        self.lists[name] = question.options
        return f"{'select_multiple' if question.kind == 'multiple' else 'select_one'} {name}"

    def _points(self, question: Question) -> Iterator[Row]:
        """One number per part, the rest to be shared out, and a rule at the last part that all is shared out."""
        names, left = question.answer_columns, self._free(f"{question.name}_left")
        yield {"type": "begin_group", "name": question.name, "label": question.label, "appearance": "field-list",
               "relevant": self._rule(question.relevant)}  # fmt: skip
        yield self._note(f"{question.name}_lead", question.label) | {"hint": _hint(question, self.form.languages)}
        for name, choice in zip(names, question.choices, strict=True):
            needed = "yes" if question.required else "" if name == names[0] else f"${{{names[0]}}} != ''"
            rule, message = _points_rule(question, names, name)
            yield {"type": "integer", "name": name, "label": choice.label, **_required(needed), "constraint": rule,
                   "constraint_message": message}  # fmt: skip
        spent = " - ".join(f"coalesce(${{{name}}}, 0)" for name in names)
        yield {"type": "calculate", "name": left, "calculation": f"{question.total:g} - {spent}"}
        shown: Words = {each: say(_LEFT, each).replace("{left}", f"${{{left}}}") for each in self.form.languages}
        yield self._note(f"{left}_shown", shown)
        yield {"type": "end_group"}

    def _note(self, name: str, words: Words) -> Row:
        return {"type": "note", "name": self._free(name), "label": words}

    def _free(self, name: str) -> str:
        """The name, or the next that no question has."""
        free, k = name, 1
        while free.casefold() in self.taken:
            free, k = f"{name}_{k}", k + 1
        self.taken.add(free.casefold())
        return free

    def _rule(self, condition: Condition | None) -> str:
        return "" if condition is None else _relevant(condition, self.form.question(condition.question))


def _pages(section: Section) -> list[list[Question]]:
    """The questions in screens: graded ones in even parts of up to a page, others one by one."""
    pages = []
    for graded, run in groupby(section.questions, key=lambda question: question.kind == "graded"):
        questions = list(run)
        parts = -(-len(questions) // PAGE_LENGTH) if graded else len(questions)
        cuts = [round(k * len(questions) / parts) for k in range(parts + 1)]
        pages += [questions[low:high] for low, high in pairwise(cuts)]
    return pages


def _hint(question: Question, languages: Iterable[Language]) -> Words:
    """The hint, after the card to show."""
    if not question.show_card:
        return question.hint
    card = {"en": f"Show card {question.show_card}.", "zh": f"出示卡片 {question.show_card}。"}
    return {each: " ".join(filter(None, (card[each], say(question.hint, each)))) for each in languages}


def _appearance(question: Question) -> str:
    count = len(question.options)
    if question.filter_by:
        count = max(Counter(choice.within for choice in question.choices).values(), default=0)
    if question.kind == "graded":
        return "likert" if count <= 8 else "columns-pack"
    if question.kind in ("single", "multiple") and count > 12:
        return "minimal autocomplete" if question.kind == "single" else "minimal"
    return ""


def _required(rule: str) -> Row:
    return {"required": rule, "required_message": _REQUIRED if rule else ""}


# --- rules -------------------------------------------------------------------------------------------------


def _relevant(condition: Condition, question: Question) -> str:
    """A condition as an XPath expression; "don't know" is outside every range."""
    name = f"${{{question.name}}}"
    if condition.values and question.kind == "multiple":
        return " or ".join(f"selected({name}, '{value}')" for value in condition.values)
    if condition.values:
        return " or ".join(f"{name} = '{value}'" for value in condition.values)
    number = name if question.kind in NUMERIC else f"number({name})"
    rules = [f"{name} != ''"]
    rules += [] if condition.low is None else [f"{number} >= {condition.low:g}"]
    rules += [] if condition.high is None else [f"{number} <= {condition.high:g}"]
    if question.dont_know is not None:  # a code in letters would be read as the path of a node
        code = question.dont_know[0]
        rules.append(f"{number} != {code}" if isinstance(code, (int, float)) else f"{name} != '{code}'")
    return " and ".join(rules)


def _constraint(question: Question) -> tuple[str, Text]:
    """The rule an answer must fulfil and how it is said; empty where there is none."""
    code = None if question.dont_know is None else question.dont_know[0]
    if question.kind == "multiple" and code is not None:
        words: Text = {"en": "'Don't know' can't be ticked beside another answer.",
                       "zh": "“不知道”不能与其他选项同时选择。"}  # fmt: skip
        return f"not(selected(., '{code}') and count-selected(.) > 1)", words
    low, high = question.bounds
    if question.kind not in NUMERIC or (low is None and high is None):
        return "", {}
    rules = [] if low is None else [f". >= {low:g}"]
    rules += [] if high is None else [f". <= {high:g}"]
    rule = " and ".join(rules)
    return rule if code is None else f"({rule}) or . = {code}", _range_words(low, high, question.dont_know)


def _choice_filter(question: Question) -> str:
    """Which choices are offered, in the words of the sheet; "don't know" lies within no answer and is always offered."""
    if not question.filter_by:
        return ""
    always = "" if question.dont_know is None else " or within = ''"
    return f"within = ${{{question.filter_by}}}{always}"


def _within_rule(question: Question, name: str, rule: str) -> str:
    """The rule that every choice taken lies within the earlier answer."""
    here = "/".join((f"instance('{name}')", "root", f"item[{_choice_filter(question)}]"))
    if question.kind == "single":
        return f"count({here}[name = current()/.]) = 1"
    fits = f"count({here}[selected(current()/., name)]) = count-selected(.)"
    return f"{fits} and {rule}" if rule else fits


def _both(one: Text, other: Text) -> Text:
    """Two sentences after each other."""
    return {each: "".join([one[each], " " * (each == "en"), other[each]]) if one else other[each] for each in other}


def _range_words(low: float | None, high: float | None, dont_know: tuple[Any, Words] | None) -> Text:
    if low is not None and high is not None:
        words = {"en": f"Enter a number from {low:g} to {high:g}", "zh": f"请输入 {low:g} 至 {high:g} 之间的数"}
    elif low is not None:
        words = {"en": f"Enter a number of {low:g} or more", "zh": f"请输入不小于 {low:g} 的数"}
    else:
        words = {"en": f"Enter a number of {high:g} or less", "zh": f"请输入不大于 {high:g} 的数"}
    if dont_know is not None:
        code, said = dont_know
        words = {"en": f"{words['en']}, or {code} for '{say(said, 'en')}'",
                 "zh": f"{words['zh']}；{say(said, 'zh')}填 {code}"}  # fmt: skip
    return {"en": f"{words['en']}.", "zh": f"{words['zh']}。"}


def _points_rule(question: Question, names: Sequence[str], name: str) -> tuple[str, Text]:
    """Every part lies between 0 and the total; at the last one all parts sum to it."""
    total = f"{question.total:g}"
    rule = f". >= 0 and . <= {total}"
    if name != names[-1]:
        return rule, _range_words(0, question.total, None)
    others = " + ".join(f"coalesce(${{{other}}}, 0)" for other in names[:-1])
    words: Text = {"en": f"The parts must sum to {total}.", "zh": f"各部分之和必须等于 {total}。"}
    return f"{rule} and . + {others} = {total}", words


# --- the workbook ------------------------------------------------------------------------------------------


def _translated(row: Row, languages: Sequence[Language]) -> Row:
    """A row with one column per language for everything that is read."""
    plain = {key: value for key, value in row.items() if key in _PLAIN and value}
    for key in _TRANSLATED:
        if row.get(key):
            plain |= {f"{key}::{LANGUAGE_NAMES[each]}": say(row[key], each) for each in languages}
    return plain


def _with_columns(rows: list[Row], languages: Sequence[Language]) -> list[Row]:
    """All rows with the same columns in the usual order, without columns that nobody fills."""
    columns: list[str] = []
    for key in _ORDER:
        columns += [f"{key}::{LANGUAGE_NAMES[each]}" for each in languages] if key in _TRANSLATED else [key]
    filled = [column for column in columns if any(row.get(column) for row in rows)]
    return [{column: row.get(column, "") for column in filled} for row in rows]


def _choice_rows(options: Sequence[Choice], name: str, questionnaire: Questionnaire) -> list[Row]:
    filtered = any(question.filter_by for question in questionnaire.questions)
    return [
        {
            "list_name": name,
            "name": str(option.value),
            **{f"label::{LANGUAGE_NAMES[each]}": say(option.label, each) for each in questionnaire.languages},
            **({"within": "" if option.within is None else str(option.within)} if filtered else {}),
        }
        for option in options
    ]


def _workbook(sheets: Mapping[str, Sequence[Row]]) -> bytes:
    """The sheets as an Excel file; every cell is a text, so that none is taken for a formula."""
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Alignment, Font
    except ImportError as error:
        raise missing_extra("openpyxl", "field", "an XLSForm") from error
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        header = list(rows[0]) if rows else ["list_name", "name", "label"]
        for i, texts in enumerate([header, *([row[key] for key in header] for row in rows)], start=1):
            for j, text in enumerate(texts, start=1):
                if text == "":
                    continue
                cell = sheet.cell(i, j, text)
                cell.data_type, cell.quotePrefix = "s", text.startswith("=")
                cell.alignment, cell.font = Alignment(wrap_text=True, vertical="top"), Font(bold=i == 1)
        for j, name in enumerate(header):
            sheet.column_dimensions[sheet.cell(1, j + 1).column_letter].width = _WIDTHS.get(name.split("::")[0], 18)
        sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return settled(buffer.getvalue())


def _convert(content: bytes, name: str) -> None:
    """Convert a form as the servers do; what they would refuse is refused here."""
    try:
        from pyxform.errors import PyXFormError
        from pyxform.xls2xform import convert
    except ImportError as error:
        raise missing_extra("pyxform", "field", "checking an XLSForm") from error
    try:
        convert(io.BytesIO(content), file_type=".xlsx", validate=False)
    except PyXFormError as error:
        raise SpecError(f"'{name}' would be refused by KoboToolbox and ODK: {error}") from error
