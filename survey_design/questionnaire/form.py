"""The form as it goes to the field: its sections, its languages, its routing, and the list of its variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from survey_design.errors import SpecError, check_choice
from survey_design.questionnaire.faults import faults_of
from survey_design.questionnaire.questions import (
    CHOSEN,
    EVIDENCE_WORDS,
    Choice,
    Code,
    Condition,
    Question,
    Section,
    Words,
    as_tuple,
)
from survey_design.results import Language, say


@dataclass(frozen=True)
class Questionnaire:
    """A form as it goes to the field; the same value writes the paper, the tablet form and the list of variables.

    Parameters
    ----------
    name, version, title : the form's id, its version and what stands on top
    company : whose survey it is: a line below the title; left out where nothing is given
    sections : in the order asked; every name of a section, question or column occurs once
    languages : the languages that every text is given in
    language : the one shown first (of ``languages``; the first of them if not given)
    intro, consent : what the interviewer says first, and asks leave for
    screening : who is interviewed: all these conditions hold. The sections' own ``relevant`` does the routing
    disposition : the question whose answer says how the contact ended, and ``interviews``, its values that count as
        interviews; without it every row is an interview

    Raises
    ------
    SpecError
        If the form can't be used as written; the message lists every fault with the place of its question.

    Examples
    --------
    >>> form = Questionnaire(
    ...     "visit",
    ...     "1",
    ...     {"en": "Your visit"},
    ...     (
    ...         Section(
    ...             "all",
    ...             {"en": "All"},
    ...             (
    ...                 Question("bought", "yes_no", {"en": "Did you buy anything?"}),
    ...                 Question("price", "number", {"en": "What did you pay?"}, relevant=Condition("bought", (1,))),
    ...             ),
    ...         ),
    ...     ),
    ...     languages=("en",),
    ... )
    >>> form.columns, form.question("price").relevant.question
    (('bought', 'price'), 'bought')
    >>> Questionnaire(
    ...     "visit",
    ...     "1",
    ...     {"en": "Your visit"},
    ...     (
    ...         Section(
    ...             "all",
    ...             {"en": "All"},
    ...             (Question("price", "single", {"en": "?"}, relevant=Condition("bougth", (1,))),),
    ...         ),
    ...     ),
    ...     languages=("en",),
    ... )
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: questionnaire 'visit' has 2 faults:
    - question 1 'price' (section 'all'): it has no choices; give at least one.
    - question 1 'price' (section 'all'): asked after an answer to 'bougth', which is no question of this form.
    """

    name: str
    version: str
    title: Words
    sections: tuple[Section, ...]
    languages: tuple[Language, ...] = ("en", "zh")
    language: Language | Literal[""] = ""
    intro: Words = field(default_factory=dict)
    consent: Words = field(default_factory=dict)
    screening: tuple[Condition, ...] = ()
    disposition: str = ""
    interviews: tuple[Code, ...] = ()
    company: Words = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("sections", "languages", "screening", "interviews"):
            object.__setattr__(self, name, as_tuple(getattr(self, name)))
        if not self.languages:
            raise SpecError(f"questionnaire '{self.name}' names no language. Give languages=('en',), for example.")
        for language in self.languages:
            check_choice("languages", language, Language)
        object.__setattr__(self, "language", self.language or self.languages[0])
        if self.language not in self.languages:
            raise SpecError(
                f"questionnaire '{self.name}' is not written in language='{self.language}'. "
                f"It has: {', '.join(self.languages)}."
            )
        _refuse(f"questionnaire '{self.name}'", list(faults_of(self)))

    def in_language(self, language: Language) -> Questionnaire:
        """The same form, with this language shown first."""
        check_choice("language", language, Language)
        return replace(self, language=language)

    @property
    def shown(self) -> Language:
        """The language shown first."""
        return self.language or self.languages[0]

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions in the order asked."""
        return tuple(question for section in self.sections for question in section.questions)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data, in the order asked."""
        return tuple(column for question in self.questions for column in question.columns)

    def question(self, name: str) -> Question:
        """The question with this name."""
        for question in self.questions:
            if question.name == name:
                return question
        known = ", ".join(question.name for question in self.questions)
        raise SpecError(f"questionnaire '{self.name}' has no question '{name}'. It has: {known}.")

    def section_of(self, name: str) -> Section:
        """The section in which a question is asked."""
        self.question(name)
        return next(section for section in self.sections if name in [each.name for each in section.questions])

    def variables(self) -> pd.DataFrame:
        """One row per column of the data: what it holds, in words and codes.

        Columns ``name, question, section, kind``, ``label_…`` and ``values_…`` for each language, ``dont_know, low,
        high, unit, required, asked_if``. ``values`` reads "1 = Yes; 0 = No".
        """
        rows = [
            row
            for section in self.sections
            for question in section.questions
            for row in _variables(question, section, self.languages, self.shown)
        ]
        frame = pd.DataFrame(rows)
        codes = [row["dont_know"] for row in rows]
        return frame.assign(dont_know=pd.Series(codes, dtype=object))  # 99 stays a whole number beside blanks


def condition_in_words(condition: Condition, questionnaire: Questionnaire, language: Language, called: str = "") -> str:
    """A condition as people say it, with the question's words; ``called`` replaces these ("question 7").

    >>> form = Questionnaire("f", "1", "F", (Section("s", "S", (Question("bought", "yes_no", "Bought?"),)),))
    >>> (
    ...     condition_in_words(Condition("bought", (1,)), form, "en"),
    ...     condition_in_words(Condition("bought", (1,)), form, "zh"),
    ... )
    ("'Bought?' is 'Yes'", '“Bought?”为“是”')
    """
    question = questionnaire.question(condition.question)
    words = say(question.label, language)
    called = called or (f"“{words}”" if language == "zh" else f"'{words}'")
    apart = " " if language == "zh" and called[-1].isascii() else ""
    return _in_words(condition, question, language, called + apart)


def _in_words(condition: Condition, question: Question, language: Language, called: str) -> str:
    if condition.values:
        words = [say(option.label, language) for option in question.options if option.value in condition.values]
        if language == "zh":
            return f"{called}为" + "或".join(f"“{word}”" for word in words)
        return f"{called} is " + " or ".join(f"'{word}'" for word in words)
    low, high = condition.low, condition.high
    if low is not None and high is not None:
        return f"{called}为 {low:g} 至 {high:g}" if language == "zh" else f"{called} is {low:g} to {high:g}"
    if low is not None:
        return f"{called}不低于 {low:g}" if language == "zh" else f"{called} is {low:g} or more"
    return f"{called}不高于 {high:g}" if language == "zh" else f"{called} is {high:g} or less"


def condition_as_rule(condition: Condition | None) -> str:
    """A condition in signs, as the list of variables shows it.

    >>> condition_as_rule(Condition("recommend", low=0, high=6)), condition_as_rule(Condition("product", ("a", "b")))
    ('recommend = 0…6', 'product = a, b')
    """
    if condition is None:
        return ""
    if condition.values:
        return f"{condition.question} = {', '.join(map(str, condition.values))}"
    if condition.low is not None and condition.high is not None:
        return f"{condition.question} = {condition.low:g}…{condition.high:g}"
    if condition.low is not None:
        return f"{condition.question} ≥ {condition.low:g}"
    return f"{condition.question} ≤ {condition.high:g}"


def _variables(
    question: Question, section: Section, languages: Iterable[Language], shown: Language
) -> Iterator[dict[str, Any]]:
    rules = [condition_as_rule(condition) for condition in (section.relevant, question.relevant)]
    low, high = question.bounds
    scale = question.scale
    if question.kind == "graded" and scale is not None:
        low, high = scale.low, scale.high
    shared = {
        "dont_know": None if question.dont_know is None else question.dont_know[0],
        "low": low,
        "high": high,
        "unit": say(question.unit, shown),
        "required": question.required,
        "asked_if": " & ".join(rule for rule in rules if rule),
    }
    for column, kind, labels in _columns_in_words(question, languages):
        ticked = kind == question.kind and kind in CHOSEN
        values = {
            f"values_{language}": "; ".join(_coded(option, language) for option in question.options) if ticked else ""
            for language in languages
        }
        words = {f"label_{language}": label for language, label in labels.items()}
        answer = shared if column in question.answer_columns else {**shared, "dont_know": None, "low": None,
                                                                   "high": None, "unit": "", "required": False}  # fmt: skip
        yield {"name": column, "question": question.name, "section": section.name, "kind": kind, **words, **values,
               **answer}  # fmt: skip


def _columns_in_words(
    question: Question, languages: Iterable[Language]
) -> Iterator[tuple[str, str, dict[Language, str]]]:
    asked = {language: say(question.label, language) for language in languages}
    if question.kind == "points":
        for choice in question.choices:
            part = {language: f"{words}: {say(choice.label, language)}" for language, words in asked.items()}
            yield str(choice.value), "points", part
    elif question.kind != "note":
        yield question.name, question.kind, asked
    for kind, column in zip(question.evidence, question.evidence_columns, strict=False):
        words = {language: f"{say(EVIDENCE_WORDS[kind], language)}: {label}" for language, label in asked.items()}
        yield column, kind, words


def _coded(option: Choice, language: Language) -> str:
    words = say(option.label, language).removeprefix(f"{option.value} – ")
    return str(option.value) if words == str(option.value) else f"{option.value} = {words}"


def _refuse(where: str, faults: list[str]) -> None:
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise SpecError(f"{where} has {count}:\n" + "\n".join(f"- {fault}" for fault in faults))
