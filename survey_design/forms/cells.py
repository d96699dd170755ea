"""What does a cell of an export say? A value of the questionnaire, a blank, a question not asked, or something it can't be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from survey_design.forms.contacts import aapor_code
from survey_design.forms.exports import Tool, wording_key
from survey_design.questionnaire import NUMERIC, Code, Question
from survey_design.results import is_missing, say

Numbers = Literal["auto", "codes", "positions"]
Answer = tuple[Any, str]

GIVEN, BLANK, NOT_ASKED = "given", "blank", "not asked"
STATES = (GIVEN, BLANK, NOT_ASKED)

_SIGNS: Mapping[Tool, Mapping[str, str]] = {
    "xlsform": {"n/a": BLANK},
    "wjx": {"-3": NOT_ASKED, "(跳过)": NOT_ASKED, "-2": BLANK, "(空)": BLANK},
    "limesurvey": {"n/a": NOT_ASKED, "{question_not_shown}": NOT_ASKED},
    "qualtrics": {"-99": BLANK},
}
_TRUE = {"1", "true", "yes", "y", "是", "√", "checked", "selected"}
_FALSE = {"0", "false", "no", "n", "否", "not selected"}
_LIME_CODE = re.compile(r"[aA][oO]?0*(\d+)")
_WJX_TEXT = re.compile(r"\s*〖.*?〗\s*$")
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d).*", re.DOTALL)
_GRADE = re.compile(r"(-?\d+)\s*[-=:.、)(\s]\s*(.+)")  # "7 – Agree", "7=Agree", "7 (Agree)"
_POINT_NOUGHT = re.compile(r"(?<=^\d)\.0+$|(?<=\d\d)\.0+$")  # what spreadsheets and data frames add to codes
_TWO_CODES = object()  # words that stand for two answers


@dataclass(frozen=True, eq=False)
class Cells:
    """A column that was read: (n,) values, None where there is none, and (n,) what each cell was.

    ``states`` holds "given", "blank", "not asked", or what is wrong with the cell.
    """

    values: list[Any]
    states: list[str]

    def series(self) -> pd.Series:
        """The values; numbers as numbers, with NaN where there is none."""
        numeric = all(isinstance(value, (int, float)) for value in self.values if value is not None)
        if not numeric or all(value is None for value in self.values):
            return pd.Series(self.values, dtype=object)
        numbers = np.array([np.nan if value is None else value for value in self.values], dtype=float)
        return pd.Series(numbers.astype(np.int64) if (numbers == np.floor(numbers)).all() else numbers)


def text_of(cell: Any) -> str:
    """A cell as text in one spelling; 5.0 is "5", midnight is a day.

    >>> text_of(5.0), text_of(" ５ "), text_of(None), text_of(True)
    ('5', '5', '', 'True')
    """
    if is_missing(cell):
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    if isinstance(cell, (datetime, pd.Timestamp)):
        return cell.isoformat(sep=" ").removesuffix(" 00:00:00")
    return unicodedata.normalize("NFKC", str(cell)).strip()


def read_column(cells: pd.Series, question: Question, tool: Tool, numbers: Numbers = "auto") -> Cells:
    """One column of answers to one question.

    A choice may be given by its code, its words in any language ("7 – Agree completely", "Agree completely"), or, where
    the tool counts answers, by its place: LimeSurvey's "A3" is the third; a number that is no code is a place too.

    >>> from survey_design.questionnaire import Scale
    >>> question = Question(
    ...     "P1", "graded", "Clean?", scale=Scale(1, 5, {"en": "No"}, {"en": "Yes"}), dont_know=(99, "?")
    ... )
    >>> read = read_column(pd.Series(["5", "yes", "A2", "9", ""]), question, "limesurvey")
    >>> read.values, read.states
    ([5, 5, 2, None, None], ['given', 'given', 'given', 'not among the answers', 'blank'])
    """
    texts = [text_of(cell) for cell in cells]
    reader = _reader(question, tool, numbers, set(texts))
    known: dict[str, Answer] = {}
    for text in set(texts):
        state = _sign(text, question, tool)
        known[text] = (None, state) if state else reader(text)
    return Cells([known[text][0] for text in texts], [known[text][1] for text in texts])


def _sign(text: str, question: Question, tool: Tool) -> str:
    """What a tool writes where there is no answer; a number that may be an answer is one."""
    if not text:
        return BLANK
    state = _SIGNS[tool].get(text.casefold(), "")
    low = question.bounds[0]
    allowed = question.kind in NUMERIC and low is not None and low < 0 and text.lstrip("-").isdigit()
    return "" if allowed or text in map(str, question.codes) else state


def _reader(question: Question, tool: Tool, numbers: Numbers, texts: set[str]) -> Callable[[str], Answer]:
    if question.kind in ("graded", "single", "yes_no"):
        return _choice_reader(question, tool, numbers, texts)
    if question.kind == "multiple":
        return _multiple_reader(question, tool, numbers, texts)
    if question.kind in (*NUMERIC, "points"):
        return lambda text: _number(text, question)
    if question.kind == "date":
        return _day
    return lambda text: (text, GIVEN)


# --- choices -----------------------------------------------------------------------------------------------


def _choice_reader(question: Question, tool: Tool, numbers: Numbers, texts: set[str]) -> Callable[[str], Answer]:
    words = answer_words(question)
    by_code = {str(code): code for code in question.codes}
    places, dotted = places_of(question, tool, numbers, texts), _dotted(question, tool, texts)
    if dotted:
        places = {}

    def read(text: str) -> Answer:
        plain = _WJX_TEXT.sub("", _POINT_NOUGHT.sub("", text)) if tool == "wjx" else _POINT_NOUGHT.sub("", text)
        number = plain.removesuffix("分") if question.kind == "graded" else plain
        if number in dotted:
            return dotted[number], GIVEN
        if number in places:
            return places[number], GIVEN
        if number in by_code:
            return by_code[number], GIVEN
        if tool == "limesurvey" and (found := _LIME_CODE.fullmatch(plain)):
            place = int(found[1])
            known = 1 <= place <= len(question.codes)
            return (question.codes[place - 1], GIVEN) if known else (None, "not among the answers")
        code = words.get(wording_key(plain))
        grade = _GRADE.fullmatch(plain) if code is None and question.kind == "graded" else None
        if grade and str(words.get(wording_key(grade[2].rstrip(")")))) == grade[1]:
            code = by_code[grade[1]]  # number and words belong together
        if code is _TWO_CODES:
            return None, "words of two answers"
        return (None, "not among the answers") if code is None else (code, GIVEN)

    return read


def answer_words(question: Question) -> dict[str, Any]:
    """Words in one spelling -> code, of all answers in all languages; a marker where two answers share their words."""
    found: dict[str, Any] = {}
    for option in question.options:
        for language in ("en", "zh"):
            key = wording_key(say(option.label, language))
            grade = _GRADE.fullmatch(key) if question.kind == "graded" else None
            bare = key.removeprefix(f"{aapor_code(option.value)} ")
            for each in filter(None, (key, bare, grade[2] if grade else "")):
                found[each] = option.value if found.get(each, option.value) == option.value else _TWO_CODES
    if question.kind == "yes_no":
        found |= dict.fromkeys(("y", "true", "yes", "是"), 1) | dict.fromkeys(("n", "false", "no", "否"), 0)
    return found


def places_of(question: Question, tool: Tool, numbers: Numbers, texts: set[str]) -> dict[str, Code]:
    """Number -> code, where numbers count the answers instead of being codes; empty where they are codes."""
    codes = question.codes
    by_place = {str(k): code for k, code in enumerate(codes, start=1)}
    if tool == "xlsform" or (question.kind == "graded" and numbers != "positions"):
        return _after_grades(question, tool)
    if numbers == "positions":
        return by_place
    seen = {text for text in texts if text.lstrip("-").isdigit()} - set(_SIGNS[tool])
    if (
        numbers == "codes"
        or not seen <= set(by_place)
        or seen <= {text for text in by_place if text == str(by_place[text])}
    ):
        return {}
    return {} if seen <= set(map(str, codes)) else by_place


def _dotted(question: Question, tool: Tool, texts: set[str]) -> dict[str, Code]:
    """AAPOR's spelling of dispositions -> code ("2.11" -> 211), where the answers' words show it and the column has it.

    A spreadsheet makes 3 of 3.0, which may be a place where the tool counts answers; so it needs one with a point beside it.
    """
    shown: dict[str, Code] = {}
    for option in question.choices:
        code = aapor_code(option.value)
        if "." in code and say(option.label, "en").startswith(f"{code} "):
            shown |= {code: option.value, code.removesuffix(".0"): option.value}
    shown = {code: value for code, value in shown.items() if code not in map(str, question.codes)}
    pointed = {text for text in texts if "." in text and text in shown}
    return shown if pointed or tool == "xlsform" else {}


def unclear_numbers(question: Question, tool: Tool, texts: set[str]) -> bool:
    """True if the numbers of a column may be codes as well as places, with different meanings."""
    if _dotted(question, tool, texts):
        return False
    if tool == "xlsform" or question.kind not in ("single", "multiple", "yes_no"):
        return False
    by_place = {str(k): str(code) for k, code in enumerate(question.codes, start=1)}
    seen = {text for text in texts if text.isdigit()}
    both = seen <= set(by_place) and seen <= set(by_place.values())
    return bool(seen) and both and any(by_place[text] != text for text in seen)


def signs_like_answers(question: Question, tool: Tool, texts: set[str]) -> list[str]:
    """What a tool writes for "skipped" or "left blank" in a column whose answers may be the same number.

    >>> from survey_design.questionnaire import Question, Scale
    >>> asked = Question("change", "graded", {"en": "Worse or better?", "zh": "更差还是更好？"}, scale=Scale(-3, 3))
    >>> signs_like_answers(asked, "wjx", {"-3", "2"}), signs_like_answers(asked, "qualtrics", {"-3", "2"})
    (['-3'], [])
    """
    low, codes = question.bounds[0], set(map(str, question.codes))
    below = question.kind in NUMERIC and (low is None or low < 0)
    signs = (text for text in sorted(texts) if text.casefold() in _SIGNS[tool])
    return [text for text in signs if text in codes or (below and text.lstrip("-").isdigit())]


def graded_otherwise(question: Question, tool: Tool, texts: set[str]) -> bool:
    """True if the numbers of a graded column fit the scale, and fit as well as places counted from 1."""
    if tool == "xlsform" or question.kind != "graded" or question.scale is None or question.scale.low == 1:
        return False
    seen = {int(text) for text in texts if text.lstrip("-").isdigit()}
    return bool(seen) and min(seen) >= 1 and max(seen) <= len(question.codes)


def _after_grades(question: Question, tool: Tool) -> dict[str, Code]:
    """ "Don't know" as one more place after the grades 1, 2, ..., as tools count it that know no codes."""
    scale = question.scale
    if tool == "xlsform" or scale is None or question.dont_know is None or scale.low != 1:
        return {}
    return {str(scale.high + 1): question.dont_know[0]}


def _multiple_reader(question: Question, tool: Tool, numbers: Numbers, texts: set[str]) -> Callable[[str], Answer]:
    """Several answers in one cell: codes apart by spaces, commas or bars, or words."""
    parts = {part for text in texts for part in _parts(text)}
    one = _choice_reader(question, tool, numbers, parts)
    words = {key: code for key, code in answer_words(question).items() if code is not _TWO_CODES}

    def read(text: str) -> Answer:
        for pieces in (re.split(r"┋|\||;|\n", text), _parts(text)):
            answers = [one(piece.strip()) for piece in pieces if piece.strip()]
            if answers and all(state == GIVEN for _, state in answers):
                return joined([code for code, _ in answers], question), GIVEN
        codes = _spelled_out(wording_key(text), words)
        return (joined(codes, question), GIVEN) if codes else (None, "not among the answers")

    return read


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,┋|;]+", text) if part]


def _spelled_out(text: str, words: Mapping[str, Any]) -> list[Any]:
    """The answers whose words, one after the other, make up the text; none if something is left."""
    codes = []
    while text:
        word = max((word for word in words if text.startswith(word)), key=len, default="")
        if not word:
            return []
        codes.append(words[word])
        text = text[len(word) :].lstrip(" ,;|")
    return codes


def joined(codes: Sequence[Any], question: Question) -> str:
    """Codes that were ticked, in the order of the answers, apart by spaces, as form apps keep them."""
    return " ".join(str(code) for code in question.codes if code in codes)


def read_ticks(columns: Mapping[Any, pd.Series], question: Question, tool: Tool) -> tuple[Cells, list[tuple[int, Any]]]:
    """Several answers in a column each: ticked or not; and (row, code) of the cells that are neither.

    Qualtrics and LimeSurvey leave a blank where an answer isn't ticked: there a row is blank only if all cells are.

    >>> from survey_design.questionnaire import Choice
    >>> question = Question("q", "multiple", "Which?", choices=(Choice("a", "A"), Choice("b", "B")))
    >>> read, _ = read_ticks({"a": pd.Series([1, 0, None]), "b": pd.Series([1, 0, None])}, question, "wjx")
    >>> read.values, read.states
    (['a b', '', None], ['given', 'given', 'blank'])
    """
    n = len(next(iter(columns.values())))
    ticked: list[list[Any]] = [[] for _ in range(n)]
    states: list[set[str]] = [set() for _ in range(n)]
    faults = []
    places = {code: str(k) for k, code in enumerate(question.codes, start=1)}
    for code, cells in columns.items():
        label = {wording_key(say(each.label, language)) for each in question.options if each.value == code
                 for language in ("en", "zh")}  # fmt: skip
        yes = _TRUE | label | {str(code).casefold(), places[code]}
        for k, text in enumerate(map(text_of, cells)):
            sign = _SIGNS[tool].get(text.casefold(), "") if text else BLANK
            if sign:
                states[k].add(sign)
            elif text.casefold() in _FALSE:
                states[k].add(GIVEN)
            elif text.casefold() in yes or wording_key(text) in label:
                ticked[k].append(code)
                states[k].add(GIVEN)
            else:
                faults.append((k, code))
    values = [joined(ticks, question) if GIVEN in state else None for ticks, state in zip(ticked, states, strict=True)]
    said = [GIVEN if GIVEN in state else NOT_ASKED if NOT_ASKED in state else BLANK for state in states]
    return Cells(values, said), faults


# --- numbers and days --------------------------------------------------------------------------------------


def _number(text: str, question: Question) -> Answer:
    if question.dont_know is not None and text == str(question.dont_know[0]):
        return question.dont_know[0], GIVEN
    try:
        value = float(text) if "_" not in text else np.nan
    except ValueError:
        value = np.nan
    if question.dont_know is not None and np.isnan(value) and answer_words(question).get(wording_key(text)) is not None:
        return question.dont_know[0], GIVEN
    low, high = question.bounds
    if not np.isfinite(value):
        return None, "not a number"
    if question.kind == "counted" and not value.is_integer():
        return None, "not a whole number"
    if (low is not None and value < low) or (high is not None and value > high):
        span = f"{'…' if low is None else f'{low:g}'} to {'…' if high is None else f'{high:g}'}"
        return None, f"outside {span}"
    return int(value) if value.is_integer() else value, GIVEN


def _day(text: str) -> Answer:
    found = _DAY.fullmatch(text)
    try:
        return (date(*map(int, found.group(1, 2, 3))).isoformat(), GIVEN) if found else (None, "not a date")
    except ValueError:
        return None, "not a date"


def seconds_of(cell: Any) -> float:
    """How long an interview took, in seconds; nan where the cell doesn't say.

    >>> seconds_of("123秒"), seconds_of("2分5秒"), seconds_of("1:02:03"), seconds_of(95.5)
    (123.0, 125.0, 3723.0, 95.5)
    """
    text = text_of(cell).replace(" ", "")
    words = re.fullmatch(r"(?:(\d+)(?:小时|时|h))?(?:(\d+)(?:分钟|分|min|m))?(?:(\d+(?:\.\d+)?)(?:秒|s)?)?", text)
    if text and words and any(words.groups()):
        hours, minutes, seconds = (float(part or 0) for part in words.groups())
        return 3600 * hours + 60 * minutes + seconds
    clock = re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{2})(?:\.\d+)?", text)
    if clock:
        return 3600 * float(clock[1] or 0) + 60 * float(clock[2]) + float(clock[3])
    return float("nan")
