"""Traps between a form and its export: codes in letters, places counted from 1, signs for "skipped", private columns."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from lxml import etree

from survey_design.errors import DataError, SpecError
from survey_design.forms import write_xlsform
from survey_design.forms.filled import read_filled
from survey_design.forms.routing import fulfils
from survey_design.forms.xlsform import xlsform_sheets
from survey_design.questionnaire import Choice, Condition, Question, Questionnaire, Scale, Section

DONT_KNOW = {"en": "Don't know", "zh": "不知道"}


def graded(name="score", low=0, high=10, **more):
    return Question(
        name, "graded", {"en": f"{name}: how likely?", "zh": f"{name}：有多大可能？"}, scale=Scale(low, high), **more
    )


def form(*questions):
    return Questionnaire(
        "traps", "1", {"en": "Traps", "zh": "陷阱"}, (Section("s", {"en": "S", "zh": "一"}, questions),)
    )


def wjx(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"序号": [str(k) for k in range(1, n + 1)], "所用时间": ["90秒"] * n, **columns})


def why(code, condition):
    asked = graded(dont_know=(code, DONT_KNOW))
    return asked, form(asked, Question("why", "text", {"en": "Why?", "zh": "为什么？"}, relevant=condition))


@pytest.mark.parametrize("code", [99, "dk"])
@pytest.mark.parametrize(("answer", "asked"), [("3", True), ("8", False), (None, False)])
def test_a_range_is_asked_after_whatever_code_dont_know_has(code, answer, asked):
    """The rule is evaluated as XPath on an answered form; None stands for the don't-know code itself."""
    question, questionnaire = why(code, Condition("score", high=6))
    row = next(row for row in xlsform_sheets(questionnaire)["survey"] if row.get("name") == "why")
    given = str(code) if answer is None else answer
    rule = row["relevant"].replace("${score}", "/data/score")
    assert etree.fromstring(f"<data><score>{given}</score></data>").xpath(rule) is asked
    value = int(given) if given.isdigit() else given
    assert fulfils(value, Condition("score", high=6), question) is asked


def test_a_code_in_letters_converts(tmp_path):
    _, questionnaire = why("dk", Condition("score", high=6))
    assert write_xlsform(questionnaire, tmp_path / "form.xlsx").is_file()


@pytest.mark.parametrize(
    ("low", "high", "given", "grades"), [(0, 10, ["10", "1", "5"], [9, 0, 4]), (-3, 3, ["1", "2", "3"], [-3, -2, -1])]
)
def test_places_are_counted_from_one_on_any_scale(low, high, given, grades):
    asked = form(graded(low=low, high=high))
    column = {"1、score：有多大可能？": given}
    assert read_filled(wjx(**column), asked, numbers="positions").frame["score"].tolist() == grades
    filled = read_filled(wjx(**column), asked)
    assert filled.frame["score"].tolist() == [int(text) for text in given]
    assert "numbers='positions'" in filled.sentence("en")
    assert "numbers='positions'" in filled.sentence("zh")
    assert "positions" not in read_filled(wjx(**column), asked, numbers="codes").sentence("en")


def test_a_zero_shows_that_numbers_are_grades():
    assert "positions" not in read_filled(wjx(**{"1、score：有多大可能？": ["0", "7"]}), form(graded())).sentence("en")


def test_a_sign_for_skipped_that_may_be_an_answer_is_refused():
    column = {"1、score：有多大可能？": ["-3", "-2", "3"]}
    with pytest.raises(DataError, match=r"-2 in '1、score.*-3 in '1、score.*Export the words") as caught:
        read_filled(wjx(**column), form(graded(low=-3, high=3)))
    assert caught.value.cases["value"].tolist() == ["-2", "-3"]
    change = Question(
        "score", "number", {"en": "score: how likely?", "zh": "score：有多大可能？"}, minimum=-10, maximum=10
    )
    with pytest.raises(DataError, match="may mean that nobody answered"):
        read_filled(wjx(**column), form(change))
    skipped = read_filled(wjx(**{"1、score：有多大可能？": ["-3", "4"]}), form(graded()))
    assert skipped.frame["score"].tolist() == [4], "a row with nothing but signs has no answer"


@pytest.mark.parametrize(
    "heading", ["IP地址", "来自IP地址", "手机号", "Mobile phone", "E-mail", "respondent_email", "Latitude"]
)
def test_columns_that_tell_who_somebody_is_are_not_kept_whatever_they_are_called(heading):
    answers = wjx(**{"1、score：有多大可能？": ["3"], heading: ["x"]})
    with pytest.raises(SpecError, match="tell who or where"):
        read_filled(answers, form(graded()), keep=[heading])


def test_other_columns_are_kept():
    answers = wjx(**{"1、score：有多大可能？": ["3"], "shipping": ["x"], "门店": ["浦东店"]})
    assert read_filled(answers, form(graded()), keep=["shipping", "门店"]).frame["门店"].tolist() == ["浦东店"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question("n", "number", {"en": "n", "zh": "n"}, minimum=math.nan), "bounds and its total must be numbers"),
        (Question("n", "counted", {"en": "n", "zh": "n"}, minimum=-3, maximum=2.5), "a count is a whole number"),
        (Question("n", "points", {"en": "n", "zh": "n"}, choices=(Choice("a", "A"), Choice("b", "B")), maximum=33.3),
         "parts are whole numbers"),
        (Question("n", "points", {"en": "n", "zh": "n"}, choices=(Choice("a", "A"), Choice("b", "B")), maximum=math.inf),
         "bounds and its total"),
        (Question("n", "single", {"en": "n", "zh": "n"}, choices=(Choice(1, "A"), Choice("01", "B"))), "stands for two answers"),
    ],
)  # fmt: skip
def test_forms_that_nobody_can_fill_in_are_refused(question, words):
    with pytest.raises(SpecError, match=words):
        form(question)


def test_a_condition_without_a_number_is_refused():
    with pytest.raises(SpecError, match="a bound that is no number"):
        form(
            graded(),
            Question("why", "text", {"en": "Why?", "zh": "为什么？"}, relevant=Condition("score", low=math.nan)),
        )
