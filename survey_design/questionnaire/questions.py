"""What is asked, and which answers it allows: questions, their scales, choices and conditions, in sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from survey_design.results import Language, Text

QuestionKind = Literal[
    "graded",
    "single",
    "multiple",
    "yes_no",
    "timed",
    "counted",
    "number",
    "text",
    "date",
    "points",
    "evidence",
    "note",
]
Evidence = Literal["photo", "audio", "note"]
Code = int | str
Words = Text | str  # a plain text stands for every language

CHOSEN = ("graded", "single", "multiple", "yes_no")
NUMERIC = ("timed", "counted", "number")
YES_NO_WORDS: Mapping[int, Text] = {1: {"en": "Yes", "zh": "是"}, 0: {"en": "No", "zh": "否"}}
DONT_KNOW_WORDS: Text = {"en": "Don't know", "zh": "不知道"}
EVIDENCE_WORDS: Mapping[str, Text] = {
    "photo": {"en": "Photo", "zh": "照片"},
    "audio": {"en": "Recording", "zh": "录音"},
    "note": {"en": "Remark", "zh": "备注"},
}


@dataclass(frozen=True)
class Scale:
    """The answers an item allows: whole numbers from ``low`` to ``high``, with labelled ends.

    >>> Scale(1, 7).midpoint, Scale(1, 7).allows(8)
    (4.0, False)
    """

    low: int = 1
    high: int = 7
    low_label: Text = field(default_factory=dict)
    high_label: Text = field(default_factory=dict)

    @property
    def midpoint(self) -> float:
        return (self.low + self.high) / 2

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high and float(value).is_integer()


@dataclass(frozen=True)
class Choice:
    """One answer to tick: the value kept in the data, and its words.

    ``within`` is the answer to an earlier question under which this one is offered: the store that a time block belongs
    to. The question then names the earlier one as ``filter_by``.

    >>> Choice("phone", {"en": "Phone", "zh": "手机"}).value
    'phone'
    """

    value: Code
    label: Words
    within: Code | None = None


@dataclass(frozen=True)
class Condition:
    """Who is asked: those whose answer to an earlier question is among ``values``, or from ``low`` to ``high``.

    A "don't know" fulfils a condition only where its code is listed in ``values``.

    >>> Condition("purchase", (1,)).values, Condition("recommend", high=6).high
    ((1,), 6)
    """

    question: str
    values: tuple[Code, ...] = ()
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_tuple(self.values))


@dataclass(frozen=True)
class Question:
    """One question; its ``name`` is the column that will hold the answer.

    Parameters
    ----------
    name : column in the data and name in the form
    kind : {"graded", "single", "multiple", "yes_no", "timed", "counted", "number", "text", "date", "points", \
"evidence", "note"}
        "graded" uses ``scale``; "single" and "multiple" use ``choices``; "yes_no" is kept as 1 and 0; "timed" is a
        duration in ``unit``; "counted" a whole number from 0. "points" shares out ``maximum`` (100 if not given) over
        its choices: each choice's value is a column of its own. "evidence" is a photo, a recording or a remark by
        itself; "note" is only read.
    label : what is asked, per language
    hint : an instruction to the interviewer, not read out
    dont_know : (code, words), or None where the answer isn't offered
    relevant : asked only under this condition
    show_card : name of the card on which the answers are shown ("A"); questions with the same answers may share it
    evidence : what is collected besides the answer, in columns ``name_photo``, ``name_audio``, ``name_note``
    minimum, maximum, unit : bounds of a number, and what it counts
    filter_by : name of an earlier question of kind "single"; of the choices only those are offered that lie ``within``
        its answer (the blocks of the store chosen before), so that no wrong pair can be entered

    >>> Question("E_TAN1", "graded", {"en": "Clean shop"}, scale=Scale(1, 3), dont_know=(99, "Don't know")).codes
    (1, 2, 3, 99)
    """

    name: str
    kind: QuestionKind
    label: Words
    hint: Words = field(default_factory=dict)
    scale: Scale | None = None
    choices: tuple[Choice, ...] = ()
    required: bool = False
    dont_know: tuple[Code, Words] | None = None
    relevant: Condition | None = None
    show_card: str = ""
    evidence: tuple[Evidence, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: Words = ""
    filter_by: str = ""

    def __post_init__(self) -> None:
        for name in ("choices", "evidence"):
            object.__setattr__(self, name, as_tuple(getattr(self, name)))

    @property
    def answers(self) -> tuple[Choice, ...]:
        """What may be ticked, without "don't know"; empty where the answer is written."""
        if self.kind == "graded" and self.scale is not None:
            return tuple(Choice(k, _grade(self.scale, k)) for k in range(self.scale.low, self.scale.high + 1))
        if self.kind == "yes_no":
            return tuple(Choice(value, label) for value, label in YES_NO_WORDS.items())
        return self.choices

    @property
    def options(self) -> tuple[Choice, ...]:
        """What may be ticked, "don't know" last."""
        return (*self.answers, *([] if self.dont_know is None else [Choice(*self.dont_know)]))

    @property
    def codes(self) -> tuple[Code, ...]:
        """The values that the options leave in the data."""
        return tuple(option.value for option in self.options)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that this question fills."""
        return (*self.answer_columns, *self.evidence_columns)

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """The column of the answer: the name, or one per part where points are shared out; none for a note."""
        if self.kind == "points":
            return tuple(str(choice.value) for choice in self.choices)
        return () if self.kind == "note" else (self.name,)

    @property
    def evidence_columns(self) -> tuple[str, ...]:
        """The columns of what is collected besides the answer."""
        return () if self.kind == "evidence" else tuple(f"{self.name}_{kind}" for kind in self.evidence)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lowest and highest number allowed; counts and durations begin at 0."""
        low = 0 if self.minimum is None and self.kind in ("timed", "counted", "points") else self.minimum
        return low, self.total if self.kind == "points" else self.maximum

    @property
    def total(self) -> float:
        """What the parts of a question of points sum to."""
        return 100 if self.maximum is None else self.maximum


@dataclass(frozen=True)
class Section:
    """Questions asked together; ``lead`` is read out before them. A section may be asked several times (``repeat``).

    >>> Section("visit", {"en": "Your visit"}, (Question("minutes", "timed", {"en": "Minutes"}),)).questions[0].name
    'minutes'
    """

    name: str
    label: Words
    questions: tuple[Question, ...]
    lead: Words = field(default_factory=dict)
    repeat: bool = False
    relevant: Condition | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "questions", as_tuple(self.questions))


def _grade(scale: Scale, k: int) -> Text:
    """The words of one grade: the number, and the label at the ends."""
    label = scale.low_label if k == scale.low else scale.high_label if k == scale.high else {}
    return {language: f"{k} – {label[language]}" if label.get(language) else str(k) for language in get_args(Language)}


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
