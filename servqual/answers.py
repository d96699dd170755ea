"""What does a cell say? An answer on the scale, a kind of missing, or a fault; numbers, words and labels alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from servqual.instruments import Scale
from survey_design.errors import SpecError
from survey_design.files.labelled import Ranges, is_declared
from survey_design.results import is_missing

Array = np.ndarray[Any, Any]

# What became of a cell. A cell's kind is kept as its place in this list; 0 is an answer.
KINDS = ("given", "blank", "missing code", "don't know", "off scale", "not a number", "not whole", "two answers")
# The steps of the ledger, and the kinds that each counts.
STEPS = KINDS[:6]
_COUNTED_AS = {"not whole": "off scale", "two answers": "not a number"}

CONFLICT = " \u2194 "  # between two answers that one person gave to one question

_UNIT = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:分|points?|pts?)")
_NUMBERED = re.compile(r"(-?\d+)\s*(?:[-\u2010-\u2015=:.、)]|\s)\s*(.+)|(-?\d+)\s*\((.+)\)")
_TWO = re.compile(r"-?\d+(?:\.0+)?(?:(?:\s*[/,、;&|]\s*|\s+)-?\d+(?:\.0+)?)+")


@dataclass(frozen=True)
class Codes:
    """Codes declared for all items: "no answer" and "don't know", as :func:`as_codes` gives them."""

    missing: frozenset[Any] = frozenset()
    dont_know: frozenset[Any] = frozenset()


@dataclass(frozen=True)
class Question:
    """One column of answers: its scale, whether it is turned round, and what else its cells may say.

    ``counted`` is True for items, whose answers the ledger counts. ``labels`` is word -> number as
    :func:`label_numbers` gives it, ``declared`` what the file itself declares as missing.
    """

    scale: Scale
    reverse: bool = False
    counted: bool = True
    labels: Mapping[str, int] = field(default_factory=dict)
    declared: Ranges = ()


def read_answers(cells: pd.Series, question: Question, codes: Codes) -> tuple[Array, Array]:
    """(n,) numbers, NaN where there is no valid answer, and (n,) places in :data:`KINDS`.

    A column of numbers that are all valid answers, or NaN, takes a short way: a look at its range. It gives exactly what
    reading cell by cell gives. Answers are as given: items are not turned round here.

    Examples
    --------
    >>> cells = pd.Series(["5", "６", "7分", "5/6", "", "9"])
    >>> numbers, kinds = read_answers(cells, Question(Scale(1, 7)), Codes())
    >>> numbers.tolist(), [KINDS[kind] for kind in kinds]
    ([5.0, 6.0, 7.0, nan, nan, nan], ['given', 'given', 'given', 'two answers', 'blank', 'off scale'])
    """
    if _is_numeric(cells):
        values = cells.to_numpy()
        if not _codes_on_scale(question, codes):
            blank = np.isnan(values) if values.dtype.kind == "f" else None
            if _all_given(values, blank, question.scale):
                kinds = np.zeros(len(values), dtype=np.uint8) if blank is None else blank.astype(np.uint8)
                return values, kinds  # "given" is 0 and "blank" is 1
        code, distinct = pd.factorize(values, use_na_sentinel=False)
        texts = [text_of(value) for value in distinct.tolist()]
    else:
        code, distinct = pd.factorize(texts_of(cells))
        texts = list(distinct)
    read = [_one_answer(text, question, codes) for text in texts]
    numbers = np.array([number for number, _ in read], dtype=float)
    kinds = np.array([KINDS.index(kind) for _, kind in read], dtype=np.uint8)
    return numbers[code], kinds[code]


def count_kinds(kinds: Array) -> Array:
    """(6,) how many cells went each of the ways in :data:`STEPS`.

    >>> count_kinds(np.array([0, 0, 1, 6], dtype=np.uint8)).tolist()
    [2, 1, 0, 0, 1, 0]
    """
    n = np.bincount(kinds, minlength=len(KINDS))
    for kind, step in _COUNTED_AS.items():
        n[KINDS.index(step)] += n[KINDS.index(kind)]
    return n[: len(STEPS)]


def _is_numeric(cells: pd.Series) -> bool:
    return isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "iuf"


def _codes_on_scale(question: Question, codes: Codes) -> bool:
    """True if some number on the scale is a code, so that its range does not tell an answer."""
    low, high = question.scale.low, question.scale.high
    listed = (codes.missing | codes.dont_know) if question.counted else frozenset()
    return any(isinstance(code, float) and low <= code <= high for code in listed) or any(
        not isinstance(first, str) and first <= high and last >= low for first, last in question.declared
    )


def _all_given(values: Array, blank: Array | None, scale: Scale) -> bool:
    """True if every number is an answer on the scale or, among floats, there is none."""
    if blank is None:
        return not len(values) or bool(values.min() >= scale.low and values.max() <= scale.high)
    return bool((blank | ((values >= scale.low) & (values <= scale.high) & (values == np.floor(values)))).all())


# --- one cell ----------------------------------------------------------------------------------------------


def _one_answer(text: str, question: Question, codes: Codes) -> tuple[float, str]:
    """A number or nan, and what became of the cell.

    Codes are declared for the items. An outcome with a longer scale may use the same number as an answer. What the
    file declares for a column holds for that column; "don't know" goes before it, as the more telling of both.
    """
    if not text:
        return np.nan, "blank"
    scale, number, keys = question.scale, _stands_for(text, question.labels), _keys(text)
    declared = is_declared(text.casefold(), question.declared) or is_declared(number_of(text), question.declared)
    coded = declared or (question.counted and bool(keys & (codes.missing | codes.dont_know)))
    if scale.allows(number) and not coded:
        return number, "given"
    if keys & codes.missing:
        return np.nan, "missing code"
    if keys & codes.dont_know:
        return np.nan, "don't know"
    if declared:
        return np.nan, "missing code"
    return np.nan, _fault(text, number, scale)


def _fault(text: str, number: float, scale: Scale) -> str:
    if np.isfinite(number):
        return "not whole" if scale.low <= number <= scale.high else "off scale"
    parts = [number_of(part) for part in re.split(r"[/,、;&|\s]+", text)] if _TWO.fullmatch(text) else []
    two = CONFLICT in text or (parts and all(scale.allows(part) for part in parts))
    return "two answers" if two else "not a number"


def _keys(text: str) -> set[Any]:
    """What a declared code may be compared with: the text, its number, and the words behind a leading number."""
    unit, (_, words) = _UNIT.fullmatch(text.casefold()), _numbered(text)
    keys = {text.casefold(), number_of(unit[1] if unit else text)}
    return keys | {words.casefold()} if words else keys


def _stands_for(text: str, labels: Mapping[str, int]) -> float:
    """The number a cell stands for: a number, points ("5分"), a label, or a number and the label that belongs to it."""
    number = number_of(text)
    if not np.isnan(number):
        return number
    unit = _UNIT.fullmatch(text.casefold())
    if unit:
        return number_of(unit[1])
    leading, words = _numbered(text)
    known = labels.get(label_key(words)) if words else None
    if known is not None and known == leading:
        return float(known)
    return float(labels.get(label_key(text), np.nan))


def _numbered(text: str) -> tuple[float, str]:
    """The number and the words of "7 - Strongly agree", "7=非常同意" or "7 (best)"; nan and nothing for other texts."""
    found = _NUMBERED.fullmatch(text)
    if not found:
        return np.nan, ""
    number, words = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
    return float(number), words.strip(" ()-=:")


# --- texts and numbers -------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """A cell as text in one spelling: no white space around, full-width letters and digits as usual ones.

    >>> text_of("　５分 "), text_of(None), text_of(5.0)
    ('5分', '', '5.0')
    """
    return "" if is_missing(value) else unicodedata.normalize("NFKC", str(value)).strip()


def texts_of(cells: pd.Series) -> Array:
    """(n,) cells as texts in one spelling."""
    if cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=False) != "string":
        # 1 and True are equal, but not the same answer
        spelled = [f"{type(value).__name__} {value}" for value in cells]
        code = pd.factorize(np.array(spelled, dtype=object))[0]
    else:
        code = pd.factorize(cells, use_na_sentinel=False)[0]
    first = np.full(int(code.max(initial=-1)) + 1, len(code))
    np.minimum.at(first, code, np.arange(len(code)))
    return np.array([text_of(value) for value in cells.iloc[first].tolist()], dtype=object)[code]


def number_of(text: str) -> float:
    """The number a text stands for, nan where it stands for none; "1_000" is not how people write numbers.

    >>> number_of("5.0"), number_of("1_000")
    (5.0, nan)
    """
    try:
        return np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan


def plain_id(text: str) -> str:
    """An id in one spelling: 1001 and "1001.0" are the same person.

    >>> plain_id("1001.0"), plain_id("A.0")
    ('1001', 'A.0')
    """
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def is_blank(column: pd.Series) -> Array:
    """(n,) True where a cell is missing or holds nothing but white space."""
    if _is_numeric(column):
        return column.isna().to_numpy()
    cells = column.astype(object).to_numpy()
    return np.array([not cell.strip() if isinstance(cell, str) else is_missing(cell) for cell in cells], dtype=bool)


# --- codes and labels --------------------------------------------------------------------------------------


def as_codes(values: Any) -> frozenset[Any]:
    """Codes as texts and, where they are numbers, as numbers too.

    >>> sorted(map(str, as_codes([99, "n/a"])))
    ['99', '99.0', 'n/a']
    """
    listed = [values] if isinstance(values, str) or not np.iterable(values) else list(values)
    texts = [text_of(value).casefold() for value in listed]
    numbers = [number_of(text) for text in texts]
    return frozenset(texts) | frozenset(number for number in numbers if not np.isnan(number))


def label_key(words: Any) -> str:
    """A label in one spelling, so that "Strongly  agree" is found as "strongly agree".

    >>> label_key(" Strongly  AGREE ")
    'strongly agree'
    """
    return " ".join(text_of(words).casefold().split())


def label_numbers(scale: Scale, own: Mapping[str, Any], where: str) -> dict[str, int]:
    """Word -> number: the scale's own labels in both languages, and above them those that are given.

    Parameters
    ----------
    scale : its ``low_label`` and ``high_label`` name its ends
    own : label -> number
    where : what the labels belong to, for messages

    Raises
    ------
    SpecError
        If a number is not on the scale, or one end's words are given to another number.

    Examples
    --------
    >>> label_numbers(Scale(1, 5, {"en": "Never"}, {"en": "Always"}), {"Often": 4}, "value_labels")
    {'never': 1, 'always': 5, 'often': 4}
    """
    numbers = _ends(scale)
    for words, number in own.items():
        value = number_of(text_of(number))
        end = end_of(scale, words)
        if end is not None and value != end:
            raise SpecError(
                f"{where}: '{words}' = {number!r}, but in the instrument '{words}' is {end}. Leave it out, or correct "
                "low_label and high_label of the instrument's scale."
            )
        if isinstance(number, bool) or not scale.allows(value):
            raise SpecError(
                f"{where}: '{words}' = {number!r} is not on the scale from {scale.low} to {scale.high}. "
                "Words for no answer belong in missing_codes or dont_know."
            )
        numbers[label_key(words)] = int(value)
    return numbers


def end_of(scale: Scale, words: Any) -> int | None:
    """The end of the scale that these words name, None where they name none.

    >>> end_of(Scale(1, 5, {"en": "Never"}, {"en": "Always"}), "ALWAYS ")
    5
    """
    return _ends(scale).get(label_key(words))


def _ends(scale: Scale) -> dict[str, int]:
    """Word -> number of the scale's labelled ends."""
    ends = dict.fromkeys(_keys_of(scale.low_label.values()), scale.low)
    return ends | dict.fromkeys(_keys_of(scale.high_label.values()), scale.high)


def _keys_of(labels: Iterable[str]) -> list[str]:
    return [label_key(label) for label in labels if label_key(label)]
