"""What a cell says: labels, points, two answers in one cell, kinds of missing; and the short way for plain numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from servqual import Responses, load_instrument, read_responses
from servqual.answers import KINDS, Codes, Question, as_codes, count_kinds, read_answers
from servqual.instruments import Form, Instrument, Item, Outcome, Scale
from servqual.report.listings import faulty_cells
from survey_design import DataError, SpecError

AGREE = Scale(1, 7, {"en": "Strongly disagree", "zh": "非常不同意"}, {"en": "Strongly agree", "zh": "非常同意"})
RECOMMEND = Outcome("recommend", "recommend", Scale(0, 10, {"en": "Never"}, {"zh": "一定会"}), {"en": "r"}, {})
ITEMS = tuple(Item(name, "", {"en": name}, {"en": name}, reverse=name == "slow") for name in ("clean", "slow"))
LIKERT = Instrument("likert", "1", {"en": "l"}, "", AGREE, (Form("perception", "P_{id}"),), (), ITEMS, (RECOMMEND,))


def read_cell(cell, question=None, **codes) -> tuple[float, str]:
    declared = Codes(*(as_codes(codes.get(name, ())) for name in ("missing", "dont_know")))
    numbers, kinds = read_answers(pd.Series([cell], dtype=object), question or Question(AGREE), declared)
    return float(numbers[0]), KINDS[kinds[0]]


def answers(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"P_clean": [5] * n, "P_slow": [6] * n} | columns)


# --- labels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["非常同意", "Strongly agree", "STRONGLY  AGREE", " 非常同意 ", "7 - Strongly agree",
                                  "7-非常同意", "7=非常同意", "7：非常同意", "7. Strongly agree", "７－非常同意",
                                  "7（非常同意）", "7 (Strongly agree)", "7 非常同意", "7、非常同意", "7分"])  # fmt: skip
def test_the_scales_own_labels_in_both_languages_are_a_seven(cell):
    responses = Responses(answers(P_clean=[cell, 1]), LIKERT)
    assert responses.answers("perception")["clean"].tolist() == [7, 1]


@pytest.mark.parametrize(
    "cell", ["6 - Strongly agree", "7 - agree somewhat", "7 - 6", "agree", "7 strongly", "7 -", "-7-"]
)
def test_a_leading_number_whose_words_are_no_label_for_it_is_no_answer(cell):
    responses = Responses(answers(P_clean=[cell, 1]), LIKERT, faults="set aside")
    assert responses.ledger.count("not a number") == 1
    assert responses.cases["value"].tolist() == [cell]


def test_labels_of_ones_own_for_all_columns_and_for_one():
    frame = answers(
        P_clean=["同意", "7 - super", "好"], P_slow=["同意", "非常同意", 1], recommend=["一定会", "Never", "好"]
    )
    words = {"同意": 6, "Super": 7, "P_clean": {"好": 5}, "recommend": {"好": "8"}}
    responses = Responses(frame, LIKERT, value_labels=words)
    assert responses.answers("perception")["clean"].tolist() == [6, 7, 5]
    assert responses.answers("perception")["slow"].tolist() == [2, 1, 7], "turned round"
    assert responses.frame["recommend"].tolist() == [10, 0, 8]
    with pytest.raises(DataError, match="P_slow: 1 answer not a number"):
        Responses(answers(P_slow=["好", 3]), LIKERT, value_labels=words)


def test_words_for_the_items_do_not_answer_a_question_on_another_scale():
    responses = Responses(answers(recommend=["同意"]), LIKERT, value_labels={"同意": 6}, faults="set aside")
    assert responses.cases[["column", "problem"]].to_numpy().tolist() == [["recommend", "not a number"]]


def test_labels_under_the_names_of_the_data(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("整洁,P_slow\n好,非常同意\n", encoding="utf-8")
    responses = read_responses(path, LIKERT, columns={"P_clean": "整洁"}, value_labels={"整洁": {"好": 6}})
    assert responses.answers("perception").iloc[0].to_dict() == {"clean": 6, "slow": 1}


@pytest.mark.parametrize("number", [8, 0, 5.5, "x", True, None, float("nan")])
def test_a_label_for_what_is_not_on_the_scale_is_refused(number):
    with pytest.raises(
        SpecError, match=r"value_labels of P_clean: '好' = .* is not on the scale from 1 to 7.*dont_know"
    ):
        Responses(answers(P_clean=[1]), LIKERT, value_labels={"好": number})


def test_labels_for_a_column_that_is_no_question_are_refused():
    with pytest.raises(DataError, match=r"no column 'P_claen'. Did you mean 'P_clean'\?"):
        Responses(answers(P_clean=[1]), LIKERT, value_labels={"P_claen": {"好": 5}})
    with pytest.raises(SpecError, match="value_labels="):
        Responses(answers(P_clean=[1]), LIKERT, value_labels=["好"])


def test_a_declared_word_is_found_behind_its_number():
    assert read_cell("8 - don't know", dont_know=["Don't know"])[1] == "don't know"
    assert read_cell("7 - refused", missing=["refused"])[1] == "missing code"
    assert read_cell("99分", missing=[99])[1] == "missing code"
    assert read_cell("非常同意", Question(AGREE, labels={"非常同意": 7}), missing=["非常同意"])[1] == "missing code"


def test_the_shipped_instruments_understand_their_own_scales():
    instrument = load_instrument("servperf-22")
    frame = pd.DataFrame(
        {name: ["完全同意", "disagree completely"] for name in instrument.columns("perception").values()}
    )
    assert Responses(frame, instrument).answers("perception").iloc[:, 0].tolist() == [7, 1]


# --- two answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell", ["5/6", "5,6", "5 6", "5，6", "5／6", "５、６", "5;6", "1/2/3", "5.0 / 6.0", "5 & 6", "7|7"]
)
def test_two_answers_in_one_cell_are_called_so(cell):
    with pytest.raises(DataError, match=r"P_clean: 1 × two answers in one cell \(row 0\)") as caught:
        Responses(answers(P_clean=[cell, 3]), LIKERT)
    assert caught.value.cases["problem"].tolist() == ["two answers in one cell"]
    responses = Responses(answers(P_clean=[cell, 3]), LIKERT, faults="set aside")
    assert responses.ledger.count("not a number") == 1
    assert responses.ledger.adds_up()


@pytest.mark.parametrize("cell", ["5,0", "8/9", "5/", "5-6-x", "2024-05-06", "5:30"])
def test_what_only_looks_like_two_answers_is_not_a_number(cell):
    assert read_cell(cell)[1] == "not a number"


def test_faults_are_listed_in_both_languages():
    responses = Responses(answers(P_clean=["5/6", 4.5, 3], P_slow=[2, 3, "x"]), LIKERT, faults="set aside")
    assert faulty_cells(responses.cases, "en").shown()["problem"].tolist() == [
        "two answers in one cell", "not a whole number", "not a number"]  # fmt: skip
    assert faulty_cells(responses.cases, "zh").shown()["问题"].tolist() == ["一格有两个回答", "不是整数", "不是数字"]


# --- kinds -------------------------------------------------------------------------------------------------


def test_answers_by_kind_counts_each_question_over_the_rows_kept():
    frame = answers(
        P_clean=[1, "", 99, 8, "x", "5/6", 4.5, 9], P_slow=[6] * 7 + [None], recommend=[10, 88] + [None] * 6
    )
    responses = Responses(frame, LIKERT, missing_codes=[99], dont_know=[8, 88], faults="set aside")
    kinds = responses.answers_by_kind
    assert responses.n == 7, "the last row holds no answer"
    assert kinds.index.tolist() == ["P_clean", "P_slow", "recommend"]
    assert list(kinds.columns) == ["given", "blank", "missing code", "don't know", "off scale", "not a number"]
    assert kinds.loc["P_clean"].tolist() == [1, 1, 1, 1, 1, 2]
    assert kinds.loc["P_slow"].tolist() == [7, 0, 0, 0, 0, 0]
    assert kinds.loc["recommend"].tolist() == [1, 5, 0, 1, 0, 0]
    asked = kinds.drop(index="recommend").sum()
    assert {step: responses.ledger.count(step) for step in asked.index} == asked.to_dict()
    assert (kinds.sum(axis=1) == responses.n).all()


def test_every_kind_is_counted_once():
    assert count_kinds(np.arange(len(KINDS), dtype=np.uint8)).tolist() == [1, 1, 1, 1, 2, 2]


# --- the short way -----------------------------------------------------------------------------------------

SCALES = [Scale(1, 7), Scale(0, 10), Scale(-3, 3), Scale(1, 200)]
CODE_SETS = [Codes(), Codes(as_codes([99]), as_codes([8, "x"])), Codes(as_codes([2.0]), as_codes([-3]))]
VALUES = {
    "int8": st.integers(-128, 127),
    "uint8": st.integers(0, 255),
    "int64": st.integers(-(2**40), 2**40) | st.integers(-4, 11),
    "float32": st.sampled_from([1.0, 2.0, 5.0, 7.0, 8.0, 99.0, 4.5, -3.0, -0.0, np.inf, np.nan]),
    "float64": st.floats(width=64) | st.sampled_from([1.0, 2.0, 7.0, np.nan]),
}


@st.composite
def numeric_columns(draw):
    kind = draw(st.sampled_from(sorted(VALUES)))
    inside = st.integers(1, 3).map(float if kind.startswith("f") else int)
    values = draw(st.lists(inside, max_size=12) | st.lists(VALUES[kind], max_size=12))
    return pd.Series(np.array(values, dtype=kind))


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(
    column=numeric_columns(),
    scale=st.sampled_from(SCALES),
    codes=st.sampled_from(CODE_SETS),
    counted=st.booleans(),
    declared=st.sampled_from([(), ((2, 3),), ((97, 99), (".a", ".a"))]),
)
@example(pd.Series([1.0, np.nan]), Scale(1, 7), Codes(), True, ())
@example(pd.Series([1, 2], dtype="int8"), Scale(1, 7), CODE_SETS[2], True, ())
@example(pd.Series([1, 2], dtype="int8"), Scale(1, 7), Codes(), True, ((2, 3),))
def test_numbers_and_the_same_numbers_as_texts_are_read_alike(column, scale, codes, counted, declared):
    question = Question(scale, counted=counted, declared=declared)
    numbers, kinds = read_answers(column, question, codes)
    texts = pd.Series([None if value != value else str(value) for value in column.tolist()], dtype=object)
    slow_numbers, slow_kinds = read_answers(texts, question, codes)
    assert [KINDS[kind] for kind in kinds] == [KINDS[kind] for kind in slow_kinds]
    np.testing.assert_array_equal(numbers.astype(float), slow_numbers)


@pytest.mark.parametrize("kind", ["int8", "int64", "float32", "float64", "object", "Int8", "str"])
def test_frames_of_any_kind_of_number_give_the_same_responses(kind):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.integers(1, 8, (50, 2)), columns=["P_clean", "P_slow"])
    plain, other = Responses(frame, LIKERT), Responses(frame.astype(kind), LIKERT)
    pd.testing.assert_frame_equal(plain.frame, other.frame)
    assert plain.frame["P_slow"].tolist() == (8 - frame["P_slow"]).tolist()
    assert plain.ledger.to_frame().equals(other.ledger.to_frame())


def test_words_of_one_end_for_another_number_are_refused():
    with pytest.raises(
        SpecError, match=r"value_labels of P_clean: 'strongly agree' = 1, but in the instrument .* is 7"
    ):
        Responses(answers(P_clean=[1]), LIKERT, value_labels={"strongly agree": 1})
    with pytest.raises(SpecError, match="'非常同意' = 6"):
        Responses(answers(P_clean=[1]), LIKERT, value_labels={"P_clean": {"非常同意": 6}})
    assert Responses(answers(P_clean=[1]), LIKERT, value_labels={"Strongly agree": 7}).n == 1
