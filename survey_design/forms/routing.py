"""Who should have been asked? The conditions of a form, held against the answers that came back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey_design.forms.cells import BLANK, GIVEN, NOT_ASKED, Cells
from survey_design.questionnaire import Condition, Question, Questionnaire, condition_as_rule

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Contradiction:
    """Answers of one row to questions that its other answers pass by.

    Attributes
    ----------
    place : row, from 0
    columns : what was answered all the same, in the order asked
    values : the answers
    condition : who should have been asked
    """

    place: int
    columns: tuple[str, ...]
    values: tuple[Any, ...]
    condition: Condition

    def problem(self) -> str:
        """In words: the rule that isn't met, and how many other columns it concerns.

        >>> Contradiction(0, ("why", "who"), ("slow", 2), Condition("recommend", high=6)).problem()
        'answered, though asked only if recommend ≤ 6 (and 1 more column)'
        """
        rest = len(self.columns) - 1
        more = f" (and {rest} more column{'s' * (rest > 1)})" if rest else ""
        return f"answered, though asked only if {condition_as_rule(self.condition)}{more}"


def fulfils(value: Any, condition: Condition, question: Question) -> bool:
    """True if an answer fulfils a condition on its question; "don't know" is outside every range.

    >>> question = Question("times", "counted", "How often?", dont_know=(99, "Don't know"))
    >>> [fulfils(value, Condition("times", low=2), question) for value in (1, 2, 99)]
    [False, True, False]
    """
    if condition.values:
        given = str(value).split() if question.kind == "multiple" else [str(value)]
        return bool(set(given) & {str(each) for each in condition.values})
    unknown = question.dont_know is not None and value == question.dont_know[0]
    low = -np.inf if condition.low is None else condition.low
    high = np.inf if condition.high is None else condition.high
    return not unknown and bool(low <= float(value) <= high)


def route(columns: Mapping[str, Cells], questionnaire: Questionnaire) -> tuple[dict[str, Cells], list[Contradiction]]:
    """Tell blanks of questions that were not asked from blanks of questions that were, and find answers to the former.

    A question is asked where its own condition and its section's hold. A blank where one of them fails becomes "not
    asked"; an answer there stays what it is and is told as a contradiction. As on the tablet, a blank fulfils no
    condition. Where the question that decides has no column in the file, or a cell that could not be read, nothing is
    known of the routing, and cells stay as they are.

    Parameters
    ----------
    columns : column of the questionnaire -> its (n,) cells, of sections asked once
    questionnaire : whose conditions hold

    Returns
    -------
    (columns with their new states, contradictions in the order of rows)

    Examples
    --------
    >>> from survey_design.questionnaire import Section
    >>> price = Question("price", "number", "Price?", relevant=Condition("bought", (1,)))
    >>> form = Questionnaire("f", "1", "F", (Section("s", "S", (Question("bought", "yes_no", "Bought?"), price)),))
    >>> cells = {
    ...     "bought": Cells([1, 0, 0], ["given"] * 3),
    ...     "price": Cells([None, None, 5], ["blank", "blank", "given"]),
    ... }
    >>> told, odd = route(cells, form)
    >>> told["price"].states, [(each.place, each.columns, each.values) for each in odd]
    (['blank', 'not asked', 'given'], [(2, ('price',), (5,))])
    """
    routed = dict(columns)
    odd: dict[tuple[int, Condition], list[tuple[str, Any]]] = {}
    for question, condition in _conditions(questionnaire):
        passed = passed_by(columns, condition, questionnaire)
        if passed is None:
            continue
        for name in [column for column in question.columns if column in routed]:
            cells, states = routed[name], list(routed[name].states)
            for k in np.flatnonzero(passed):
                if states[k] == BLANK:
                    states[k] = NOT_ASKED
                elif states[k] == GIVEN:
                    odd.setdefault((int(k), condition), []).append((name, cells.values[k]))
            routed[name] = Cells(cells.values, states)
    found = [
        Contradiction(k, tuple(name for name, _ in answers), tuple(value for _, value in answers), condition)
        for (k, condition), answers in odd.items()
    ]
    return routed, sorted(found, key=lambda each: each.place)


def passed_by(columns: Mapping[str, Cells], condition: Condition, questionnaire: Questionnaire) -> Mask | None:
    """(n,) True where an answer or a blank fails the condition; None where the file does not hold the answers."""
    if condition.question not in columns:
        return None
    question, cells = questionnaire.question(condition.question), columns[condition.question]
    failed = [state in (BLANK, NOT_ASKED) or (state == GIVEN and not fulfils(value, condition, question))
              for value, state in zip(cells.values, cells.states, strict=True)]  # fmt: skip
    return np.array(failed, dtype=bool)


def _conditions(questionnaire: Questionnaire) -> Iterator[tuple[Question, Condition]]:
    """Every question asked once with each condition on it: the section's, then its own."""
    for section in questionnaire.sections:
        for question in section.questions if not section.repeat else ():
            for condition in dict.fromkeys((section.relevant, question.relevant)):
                if condition is not None:
                    yield question, condition
