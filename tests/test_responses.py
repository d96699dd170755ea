"""What came back, read as a hostile user hands it over: odd files, dirty cells, wrong arguments, two files."""

from __future__ import annotations

import datetime
import hashlib
import random
import re
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual import Responses, SampleDesign, load_instrument, read_responses
from servqual.instruments import Form, Instrument, Item, Outcome, Scale
from servqual.responses import Source, match_items, read_table
from survey_design import DataError, SpecError

ROWS = "respondent,store,P_clean,P_kind\nr1,南京路店,5,6\nr2,人民广场店,4,3\n"
ENCODINGS = {"utf-8": "utf-8-sig", "utf-8-sig": "utf-8-sig", "gb18030": "gb18030", "utf-16": "utf-16"}


def instrument_of(
    *ids: str, low: int = 1, high: int = 7, reverse: tuple[str, ...] = (), forms: str = "P", name: str = "small", **maps
) -> Instrument:
    """A small instrument: no dimensions, columns ``P_{id}`` and/or ``E_{id}``, one 0-10 outcome."""
    names = {"E": "expectation", "P": "perception"}
    items = tuple(
        Item(i, "", {"en": i}, {"en": i}, reverse=i in reverse, maps_to=maps.get(i, {}))
        for i in ids or ("clean", "kind")
    )
    asked = tuple(Form(names[letter], f"{letter}_{{id}}") for letter in forms)
    outcome = Outcome("recommend", "recommend", Scale(0, 10), {"en": "recommend"}, {})
    return Instrument(name, "1", {"en": name}, "", Scale(low, high), asked, (), items, (outcome,))


SMALL = instrument_of()
BOTH = instrument_of(forms="EP")
WEIGHTED = SampleDesign(weight="weight")


def text_file(folder, text, *, name="answers.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def excel_file(folder, sheets, name="answers.xlsx"):
    """A workbook from {sheet name: rows}."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(folder / name)
    return folder / name


def frame_of(**columns) -> pd.DataFrame:
    """A frame in which nothing but the named columns differs from plain, valid answers."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"P_clean": [5] * n, "P_kind": [6] * n} | columns)


def set_aside(frame, instrument=SMALL, design=None, **options) -> Responses:
    return Responses(frame, instrument, design, faults="set aside", **options)


def result_or_error(call):
    """What a call gives, or the SpecError or DataError it raises; any other exception goes through."""
    try:
        return call()
    except (SpecError, DataError) as error:
        return error


def counts(responses) -> dict[str, int]:
    """The ledger's steps that occurred."""
    frame = responses.ledger.to_frame()
    return {step: int(n) for step, n in zip(frame["step"], frame["n"], strict=True) if n}


# --- files that are fine -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "named"), ENCODINGS.items())
def test_text_in_any_of_the_usual_encodings(tmp_path, written, named):
    path = text_file(tmp_path, ROWS, encoding=written)
    responses = read_responses(path, SMALL)
    assert responses.frame["store"].tolist() == ["南京路店", "人民广场店"]
    assert responses.answers("perception").to_dict("list") == {"clean": [5, 4], "kind": [6, 3]}
    assert responses.source.encoding == named


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-le"])
def test_an_encoding_that_is_named_is_used(tmp_path, encoding):
    path = text_file(tmp_path, ROWS.replace("广", "中").replace("场", "心").replace("东", "西"), encoding=encoding)
    assert read_responses(path, SMALL, encoding=encoding).frame["respondent"].tolist() == ["r1", "r2"]


def test_a_mark_before_the_first_column_does_not_become_part_of_its_name(tmp_path):
    path = text_file(tmp_path, ROWS, encoding="utf-8-sig")
    assert read_responses(path, SMALL, encoding="utf-8", respondent="respondent").n == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path, separator, ending):
    path = text_file(tmp_path, ROWS.replace(",", separator).replace("\n", ending))
    assert read_responses(path, SMALL).answers("perception")["kind"].tolist() == [6, 3]


def test_separators_inside_a_quoted_heading_are_not_counted(tmp_path):
    path = text_file(tmp_path, '"kind, polite, and fast, all in all";P_clean;P_kind\n7;5;6\n')
    assert read_responses(path, SMALL).answers("perception")["kind"].tolist() == [6]


def test_a_cell_with_line_breaks_is_one_row(tmp_path):
    path = text_file(tmp_path, 'P_clean,P_kind,comment\n5,6,"good\nbut slow"\n9,3,fine\n')
    with pytest.raises(DataError) as caught:
        read_responses(path, SMALL)
    assert caught.value.cases["row"].tolist() == [3], "rows are counted as a spreadsheet counts them"


def test_blank_lines_are_rows_that_the_ledger_counts(tmp_path):
    path = text_file(tmp_path, "P_clean,P_kind\n5,6\n\n4,3\n\n")
    assert counts(read_responses(path, SMALL)) == {"read": 4, "empty": 2, "kept": 2, "asked": 4, "given": 4}


def test_excel_with_numbers_text_cells_and_a_chinese_sheet(tmp_path):
    rows = [["respondent", "P_clean", "P_kind", "weight"], [1001, 5, 6.0, 0.5], [1002, "４", " 3 ", "1.5"]]
    path = excel_file(tmp_path, {"说明": [["本表仅供说明"], ["…"]], "数据": rows})
    responses = read_responses(path, SMALL, WEIGHTED, sheet="数据", respondent="respondent")
    assert responses.answers("perception").to_dict("list") == {"clean": [5, 4], "kind": [6, 3]}
    assert responses.frame["respondent"].tolist() == [1001, 1002]
    assert responses.frame["weight"].tolist() == [0.5, 1.5]
    assert read_responses(path, SMALL, sheet=1).n == 2


def test_excel_rows_are_counted_with_their_empty_ones(tmp_path):
    rows = [["P_clean", "P_kind"], [5, 6], [None, None], [9, 4], [datetime.datetime(2024, 5, 1), 4], [True, 4]]
    path = excel_file(tmp_path, {"data": rows})
    responses = read_responses(path, SMALL, faults="set aside")
    assert responses.cases[["row", "column", "problem"]].to_numpy().tolist() == [
        [4, "P_clean", "outside 1-7"],
        [5, "P_clean", "not a number"],
        [6, "P_clean", "not a number"],
    ]
    assert responses.ledger.count("empty") == 1


def test_chinese_columns_through_a_mapping(tmp_path):
    path = text_file(tmp_path, "编号,门店,权重,店面整洁,待人热情\n1,甲,1.5,5,6\n2,乙,0.5,4,3\n", encoding="gb18030")
    responses = read_responses(
        path,
        SMALL,
        SampleDesign(clusters="store", weight="weight"),
        columns={"P_clean": "店面整洁", "P_kind": "待人热情", "store": "门店", "weight": "权重", "respondent": "编号"},
        respondent="respondent",
    )
    assert responses.frame.columns.tolist() == ["respondent", "store", "weight", "P_clean", "P_kind"]
    assert responses.frame["store"].tolist() == ["甲", "乙"]


def test_columns_may_swap_names():
    frame = pd.DataFrame({"P_clean": [1], "P_kind": [7]})
    swapped = Responses(frame, SMALL, columns={"P_clean": "P_kind", "P_kind": "P_clean"})
    assert swapped.answers("perception").iloc[0].to_dict() == {"clean": 7, "kind": 1}


def test_chinese_ids_in_an_own_instrument(tmp_path):
    own = instrument_of("整洁", "热情")
    path = text_file(tmp_path, "P_整洁,P_热情\n5,8\n4,3\n")
    responses = read_responses(path, own, faults="set aside")
    assert responses.answers("perception")["整洁"].tolist() == [5, 4]
    assert responses.cases["column"].tolist() == ["P_热情"]


def test_the_source_names_the_file_and_never_its_folder(tmp_path):
    path = text_file(tmp_path, ROWS)
    source = read_responses(path, SMALL).source
    assert source == Source("answers.csv", hashlib.sha256(path.read_bytes()).hexdigest(), "utf-8-sig", 2)


# --- answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [(1, 5), (1, 7), (1, 10), (0, 10), (-3, 3)])
def test_reverse_items_are_turned_round_and_back(low, high):
    own = instrument_of("clean", "slow", low=low, high=high, reverse=("slow",))
    answers = list(range(low, high + 1))
    frame = pd.DataFrame({"P_clean": answers, "P_slow": answers})
    once = Responses(frame, own).answers("perception")
    assert once["clean"].tolist() == answers
    assert once["slow"].tolist() == answers[::-1]
    twice = Responses(once.add_prefix("P_"), own).answers("perception")
    assert twice["slow"].tolist() == answers


def test_outcomes_have_their_own_scale():
    responses = set_aside(frame_of(recommend=[0, 10, 11]))
    assert responses.frame["recommend"].tolist()[:2] == [0, 10]
    assert responses.cases[["row", "column", "problem"]].to_numpy().tolist() == [[2, "recommend", "outside 0-10"]]
    assert Responses(frame_of(x=[1]), SMALL).n == 1, "outcomes may be absent"


@pytest.mark.parametrize(
    "answer",
    [5, 5.0, "5", " 5 ", "5.0", "５", "\u3000５\u3000", "5分", "５ 分", "5 points", np.int8(5), np.float32(5)],
)
def test_ways_to_write_five(answer):
    frame = pd.DataFrame({"P_clean": pd.Series([answer], dtype=object), "P_kind": [6]})
    assert Responses(frame, SMALL).answers("perception")["clean"].tolist() == [5]


@pytest.mark.parametrize("answer", [None, np.nan, pd.NA, pd.NaT, "", "   ", "\u3000"])
def test_ways_to_leave_an_answer_out(answer):
    frame = pd.DataFrame({"P_clean": pd.Series([answer], dtype=object), "P_kind": [6]})
    assert counts(Responses(frame, SMALL)) == {"read": 1, "kept": 1, "asked": 2, "given": 1, "blank": 1}


@pytest.mark.parametrize(
    "answer",
    [
        *(
            "abc",
            "五",
            "5 stars",
            "5,0",
            "8/9",
            "5 minutes",
            "½",
            "0x5",
            "-",
            "#N/A",
            "NA",
            "nan",
            "None",
            "inf",
            "-inf",
            "1e999",
        ),
        *(float("inf"), True, datetime.date(2024, 1, 5), "=5"),
    ],
)
def test_texts_among_numbers_are_faults(answer):
    frame = pd.DataFrame({"P_clean": pd.Series([answer, 4], dtype=object), "P_kind": [6, 6]})
    responses = set_aside(frame)
    assert responses.cases[["row", "column", "problem"]].to_numpy().tolist() == [[0, "P_clean", "not a number"]]
    assert counts(responses) == {"read": 2, "kept": 2, "asked": 4, "given": 3, "not a number": 1}


def test_digits_with_an_underscore_are_a_text():
    # Python reads "1_0" as ten; nobody filling in a questionnaire does
    assert set_aside(frame_of(recommend=["1_0", 3])).cases["problem"].tolist() == ["not a number"]


@pytest.mark.parametrize("answer", [0, 8, -1, 99, "８", 1e9, "55", 4.5, "3.14"])
def test_answers_off_the_scale(answer):
    frame = pd.DataFrame({"P_clean": pd.Series([answer, 4], dtype=object), "P_kind": [6, 6]})
    assert counts(set_aside(frame)) == {"read": 2, "kept": 2, "asked": 4, "given": 3, "off scale": 1}


def test_a_decimal_is_not_said_to_lie_outside_the_scale_it_lies_in():
    with pytest.raises(DataError) as caught:
        Responses(frame_of(P_clean=[5.5]), SMALL)
    assert "outside" not in caught.value.cases["problem"].item(), "5.5 lies in 1-7, but is no whole number"


def test_what_one_cell_holds_does_not_change_how_another_is_read():
    alone = Responses(frame_of(P_clean=pd.Series([1, 1], dtype=object)), SMALL).answers("perception")["clean"].tolist()
    beside = set_aside(frame_of(P_clean=pd.Series([True, 1, 1], dtype=object))).answers("perception")["clean"].tolist()
    assert beside[1:] == alone, "1 below TRUE in a spreadsheet is still a 1"
    after = set_aside(frame_of(P_clean=pd.Series([1, True], dtype=object)))
    assert after.cases["value"].tolist() == ["True"], "and TRUE below a 1 is still no answer"


@pytest.mark.parametrize("kind", ["Int64", "Float64", "Int8", "category", "string", "object"])
def test_any_kind_of_column_is_read_alike(kind):
    answers = pd.Series([5, None, 3], dtype="Float64").astype("Int64").astype(kind)
    responses = Responses(frame_of(P_clean=answers), SMALL)
    assert responses.answers("perception")["clean"].tolist() == pytest.approx([5, np.nan, 3], nan_ok=True)
    assert responses.ledger.count("blank") == 1


# --- missing codes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes", [[-9], (-9,), {-9}, -9, [-9.0], ["-9"], "-9", np.array([-9]), [np.int64(-9)], range(-9, -8)]
)
@pytest.mark.parametrize(
    "cells", [[-9, 4], [-9.0, 4.0], ["-9", "4"], ["－９", "４"]], ids=["int", "float", "text", "wide"]
)
def test_a_declared_number_is_found_however_it_and_the_cell_are_written(codes, cells):
    frame = frame_of(P_clean=pd.Series(cells, dtype=object))
    assert set_aside(frame, missing_codes=codes).ledger.count("missing code") == 1
    assert set_aside(frame, dont_know=codes).ledger.count("don't know") == 1


@pytest.mark.parametrize("word", ["refused", "不知道", "n/a", "N/A", "不知道（不适用）", "Ｎ／Ａ"])
def test_a_declared_word_is_found(word):
    frame = frame_of(P_clean=pd.Series([word, 4], dtype=object))
    responses = set_aside(frame, dont_know=[word])
    assert counts(responses) == {"read": 2, "kept": 2, "asked": 4, "given": 3, "don't know": 1}


def test_codes_of_both_kinds_are_counted_apart():
    frame = frame_of(P_clean=pd.Series([-9, 99, "不知道", "refused", 4, ""], dtype=object))
    responses = Responses(frame, SMALL, missing_codes=[-9, "refused"], dont_know=[99, "不知道"])
    assert counts(responses) == {
        "read": 6,
        "kept": 6,
        "asked": 12,
        "given": 7,
        "blank": 1,
        "missing code": 2,
        "don't know": 2,
    }


def test_a_code_of_the_items_does_not_swallow_an_answer_on_an_outcomes_longer_scale():
    # 8 = "don't know" beside items of 1-7 is what most questionnaires use; on 0-10 it is a recommendation of 8
    responses = Responses(frame_of(P_clean=[5, 8], recommend=[8, 9]), SMALL, dont_know=[8])
    assert responses.ledger.count("don't know") == 1
    assert responses.frame["recommend"].tolist() == [8, 9]


# --- rows --------------------------------------------------------------------------------------------------


def test_duplicates_empty_rows_and_bad_weights_are_counted_for_their_own_reason():
    frame = pd.DataFrame(
        {
            "respondent": ["r1", "r1", "r2", "r3", "r4", "r5", None, None],
            "weight": ["1.5", "1", "", "-1", "0", "1", "1", "2"],
            "P_clean": [5, 5, 5, 5, 5, None, 5, 5],
            "P_kind": [6, 6, 6, 6, 6, " ", 6, 6],
        }
    )
    responses = set_aside(frame, design=WEIGHTED, respondent="respondent")
    steps = {"read": 8, "duplicate": 1, "design": 3, "empty": 1, "kept": 3, "asked": 6, "given": 6}
    assert counts(responses) == steps
    assert responses.cases[["row", "column"]].to_numpy().tolist() == [
        [1, "respondent"],
        [2, "weight"],
        [3, "weight"],
        [4, "weight"],
    ]
    assert responses.frame["weight"].tolist() == [1.5, 1, 2]


@pytest.mark.parametrize("weight", [None, np.nan, "", "x", -1, "-0.5", 0, "1,5,2", np.inf, "inf", "1e999"])
def test_a_weight_is_a_positive_number(weight):
    frame = frame_of(weight=pd.Series([weight, 1], dtype=object))
    with pytest.raises(DataError, match="weight: 1 row missing, or not a positive number"):
        Responses(frame, SMALL, WEIGHTED)
    assert set_aside(frame, design=WEIGHTED).ledger.count("design") == 1


def test_weights_with_a_decimal_comma_are_named_so(tmp_path):
    rows = "".join(f"r{k};5;6;{1 + k // 10},{k % 10}\n" for k in range(1, 31))
    path = text_file(tmp_path, "respondent;P_clean;P_kind;weight\n" + rows)
    said = r"weight: 30 rows with a decimal comma, write 1\.5 for 1,5 \(rows 2, 3, 4, 5, 6, …\)"
    with pytest.raises(DataError, match=said):
        read_responses(path, SMALL, WEIGHTED)
    lost = r"none of its 30 rows can be used \(30 × weight, stratum, cluster or population size missing\)\. "
    with pytest.raises(DataError, match=lost + said) as caught:
        read_responses(path, SMALL, WEIGHTED, faults="set aside")
    assert caught.value.cases["value"].tolist()[:2] == ["1,1", "1,2"]
    known = tomllib.loads(Path("servqual/report/words.toml").read_text(encoding="utf-8"))["words"]
    assert "小数逗号" in known[f"problem: {caught.value.cases['problem'].iloc[0]}"]["zh"]


def test_rows_without_any_answer_say_so():
    with pytest.raises(DataError, match=r"none of its 2 rows can be used \(2 × no item answered on the scale\)\. Look"):
        set_aside(pd.DataFrame({"P_clean": [None, ""], "P_kind": [None, ""]}))


def test_a_missing_stratum_or_cluster_is_a_lost_row():
    frame = frame_of(tier=["a", "", None, "b"], store=["s", "t", "u", " "])
    responses = set_aside(frame, design=SampleDesign(strata="tier", clusters="store"))
    assert counts(responses)["design"] == 3
    assert responses.frame["store"].tolist() == ["s"]


@pytest.mark.parametrize("again", ["r1", "r1 ", " r1", "ｒ１"])
def test_a_respondent_is_known_again_however_the_id_is_typed(again):
    responses = set_aside(frame_of(respondent=["r1", again]), respondent="respondent")
    assert responses.ledger.count("duplicate") == 1


def test_a_respondent_is_known_again_as_number_and_as_text():
    ids = pd.Series([1001, "1001", 1001.0], dtype=object)
    assert set_aside(frame_of(respondent=ids), respondent="respondent").ledger.count("duplicate") == 2


def test_of_two_rows_of_one_respondent_the_usable_one_is_kept():
    frame = pd.DataFrame({"id": ["r1", "r1"], "P_clean": [None, 5], "P_kind": [None, 6]})
    assert counts(Responses(frame, SMALL, respondent="id"))["kept"] == 1


def test_one_respondent_is_enough():
    responses = Responses(frame_of(P_clean=[7]), SMALL)
    assert (responses.n, responses.pairing) == (1, "perception only")
    assert responses.ledger.adds_up()


def test_all_answers_equal():
    responses = Responses(frame_of(P_clean=[6] * 50), SMALL)
    assert responses.answers("perception").nunique().tolist() == [1, 1]


def test_nobody_left_is_an_error_that_lists_the_cases():
    with pytest.raises(DataError, match="none of its 2 rows can be used") as caught:
        set_aside(pd.DataFrame({"P_clean": [9, ""], "P_kind": ["x", ""]}))
    assert len(caught.value.cases) == 2
    with pytest.raises(DataError, match="none of its 0 rows"):
        Responses(pd.DataFrame({"P_clean": [], "P_kind": []}), SMALL)


# --- all faults at once ------------------------------------------------------------------------------------

DIRTY = (
    "respondent,weight,P_clean,P_kind,recommend\n"
    "r1,1,5,6,10\n"
    "r2,1,9,0,10\n"
    "r3,1,abc,6,11\n"
    "r3,1,5,6,10\n"
    "r4,,5,6,10\n"
    "r5,-2,5,6,10\n"
    ",1,,,\n"
    "r6,1,5,5.5,x\n"
)
FOUND = [
    ["dirty.csv", 3, "P_clean", "9", "outside 1-7"],
    ["dirty.csv", 3, "P_kind", "0", "outside 1-7"],
    ["dirty.csv", 4, "P_clean", "abc", "not a number"],
    ["dirty.csv", 4, "recommend", "11", "outside 0-10"],
    ["dirty.csv", 5, "respondent", "r3", "respondent seen before"],
    ["dirty.csv", 6, "weight", "", "missing, or not a positive number"],
    ["dirty.csv", 7, "weight", "-2", "missing, or not a positive number"],
    ["dirty.csv", 9, "recommend", "x", "not a number"],
]


def dirty_options(folder):
    path = text_file(folder, DIRTY, name="dirty.csv")
    return {"path": path, "instrument": SMALL, "design": WEIGHTED, "respondent": "respondent"}


def test_one_error_lists_every_faulty_cell_with_its_spreadsheet_row(tmp_path):
    with pytest.raises(DataError) as caught:
        read_responses(**dirty_options(tmp_path))
    cases = caught.value.cases
    assert list(cases.columns) == ["file", "row", "column", "value", "problem"]
    fraction = cases["value"] == "5.5"
    assert cases.loc[fraction, ["row", "column"]].to_numpy().tolist() == [[9, "P_kind"]]
    assert sorted(cases[~fraction].to_numpy().tolist()) == sorted(FOUND)


def test_the_message_names_column_problem_rows_and_remedy(tmp_path):
    with pytest.raises(DataError) as caught:
        read_responses(**dirty_options(tmp_path))
    message = str(caught.value)
    assert message.startswith("dirty.csv: 9 faults. ")
    assert "P_clean: 1 answer outside 1-7 (row 3)" in message
    assert "P_clean: 1 answer not a number (row 4)" in message
    assert "weight: 2 rows missing, or not a positive number (rows 6, 7)" in message
    assert "Correct the file, or set faults = 'set aside'" in message
    assert str(tmp_path) not in message


def test_many_faults_keep_the_message_short_and_the_list_whole():
    frame = pd.DataFrame({f"P_{k}": [9] * 40 for k in range(30)})
    with pytest.raises(DataError) as caught:
        Responses(frame, instrument_of(*(str(k) for k in range(30))))
    assert len(caught.value.cases) == 1200
    assert len(str(caught.value)) < 1000
    assert "(rows 0, 1, 2, 3, 4, …)" in str(caught.value)


def test_the_cases_are_the_same_whether_raised_or_set_aside(tmp_path):
    with pytest.raises(DataError) as caught:
        read_responses(**dirty_options(tmp_path))
    responses = read_responses(**dirty_options(tmp_path), faults="set aside")
    pd.testing.assert_frame_equal(responses.cases, caught.value.cases)
    assert responses.ledger.adds_up()


@pytest.mark.parametrize(
    "frame",
    [
        frame_of(respondent=["r1", "r1"], weight=[1, None]),
        pd.DataFrame({"respondent": ["r1", "r2"], "weight": [1, None], "P_clean": [5, 9], "P_kind": [6, 9]}),
    ],
    ids=["repeated and without weight", "off the scale and without weight"],
)
def test_a_row_with_two_faults_shows_both(frame):
    # else correcting everything the error lists leads to the next error
    with pytest.raises(DataError) as caught:
        Responses(frame, SMALL, WEIGHTED, respondent="respondent")
    found = set(caught.value.cases.query("row == 1")["column"])
    expected = {"weight", "respondent"} if frame["respondent"].duplicated().any() else {"weight", "P_clean", "P_kind"}
    assert found == expected


# --- the ledger adds up, for any data ----------------------------------------------------------------------

CELLS = {
    **dict.fromkeys([1, 4, 7, 2.0, "5", " 6 ", "３", "4分"], "given"),
    **dict.fromkeys([None, "", "  ", "\u3000"], "blank"),
    **dict.fromkeys([-9, "-9", "refused"], "missing code"),
    **dict.fromkeys([99, "不知道"], "don't know"),
    **dict.fromkeys([0, 8, "9", 4.5, -1, "9分"], "off scale"),
    **dict.fromkeys(["abc", "5/6", "=1+1", "n/a"], "not a number"),
}
WEIGHTS = {1: True, 0.5: True, "2.5": True, None: False, "": False, -1: False, 0: False, "x": False}
dirty_rows = st.lists(
    st.tuples(
        st.sampled_from(["r1", "r2", "r3", None, ""]),
        st.sampled_from(list(WEIGHTS)),
        st.sampled_from(["s1", "s2", None, " "]),
        *(st.sampled_from(list(CELLS)) for _ in range(3)),
    ),
    min_size=1,
    max_size=12,
)


def expected_ledger(rows) -> tuple[dict[str, int], int]:
    """The same book-keeping with plain loops: what the ledger must say, and how many rows are kept."""
    steps, seen, kept = {"read": len(rows)}, set(), 0

    def add(step):
        steps[step] = steps.get(step, 0) + 1

    for respondent, weight, store, *cells in rows:
        kinds = [CELLS[cell] for cell in cells]
        if "given" not in kinds:
            add("empty")
        elif not WEIGHTS[weight] or not (store or "").strip():
            add("design")
        elif respondent and respondent in seen:
            add("duplicate")
        else:
            seen |= {respondent} if respondent else set()
            kept += 1
            add("kept")
            for kind in ("asked", *kinds):
                steps[kind] = steps.get(kind, 0) + (len(kinds) if kind == "asked" else 1)
    return steps, kept


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(rows=dirty_rows)
def test_the_ledger_adds_up_for_any_dirty_frame(rows):
    frame = pd.DataFrame(rows, columns=["id", "weight", "store", "P_a", "P_b", "P_c"], dtype=object)
    before = frame.copy(deep=True)
    steps, kept = expected_ledger(rows)
    options = {
        "instrument": instrument_of("a", "b", "c"),
        "design": SampleDesign(clusters="store", weight="weight"),
        "missing_codes": [-9, "refused"],
        "dont_know": [99, "不知道"],
        "respondent": "id",
    }
    if not kept:
        with pytest.raises(DataError):
            Responses(frame, **options, faults="set aside")
        return
    responses = Responses(frame, **options, faults="set aside")
    assert counts(responses) == steps
    assert responses.ledger.adds_up()
    assert responses.n == kept
    assert int(responses.answers("perception").notna().to_numpy().sum()) == steps["given"]
    if len(responses.cases):
        with pytest.raises(DataError) as caught:
            Responses(frame, **options)
        pd.testing.assert_frame_equal(caught.value.cases, responses.cases)
    pd.testing.assert_frame_equal(frame, before)


def test_a_ledger_that_lost_a_row_says_so():
    ledger = Responses(frame_of(P_clean=[5]), SMALL).ledger
    for step in ("kept", "given"):
        frame = ledger.to_frame()
        frame.loc[frame["step"] == step, "n"] -= 1
        assert not replace(ledger, frame=frame).adds_up()


def test_the_ledger_speaks_both_languages():
    responses = Responses(frame_of(P_clean=[5]), SMALL)
    assert "rows read" in repr(responses.ledger)
    assert "读入行数" in repr(responses.in_language("zh").ledger)
    assert responses.in_language("zh").ledger.count("read") == 1


# --- what was given stays as it was ------------------------------------------------------------------------


@pytest.mark.parametrize("faults", ["raise", "set aside"])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_raw_files_stay_the_same_bytes(tmp_path, faults, suffix):
    rows = [line.split(",") for line in DIRTY.strip().split("\n")]
    path = text_file(tmp_path, DIRTY) if suffix == ".csv" else excel_file(tmp_path, {"数据": rows})
    before, stamp = path.read_bytes(), path.stat().st_mtime_ns
    try:
        read_responses(path, SMALL, WEIGHTED, faults=faults, respondent="respondent")
    except DataError:
        assert faults == "raise"
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == stamp
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("index", [[0, 1, 2], [5, 5, 7], ["x", "y", "z"], pd.MultiIndex.from_product([[1], [1, 2, 3]])])
def test_the_callers_frame_is_not_changed(index):
    frame = pd.DataFrame(
        {"q1": ["５", 9, None], "P_kind": [1, 2, 3], "weight": ["1", "2", ""], "comment": ["", " ", "x"]}, index=index
    )
    before = frame.copy(deep=True)
    responses = set_aside(frame, design=WEIGHTED, columns={"P_clean": "q1"})
    responses.frame.loc[:, "comment"] = "changed"
    pd.testing.assert_frame_equal(frame, before)
    assert responses.cases["row"].tolist()[0] == frame.index[1]


def test_responses_cannot_be_reassigned():
    responses = Responses(frame_of(P_clean=[5]), SMALL)
    with pytest.raises(AttributeError):
        responses.frame = None


# --- files that are not fine -------------------------------------------------------------------------------

HEAD = "P_clean,P_kind\n"
BROKEN = {
    "nothing at all": ("a.csv", b"", "is empty"),
    "white space only": ("a.csv", b" \n\n\t\n", "is empty"),
    "a mark only": ("a.csv", b"\xef\xbb\xbf", "is not a table"),
    "header only": ("a.csv", HEAD, "has a header but no rows"),
    "a row that is too long": ("a.csv", HEAD + "5,6\n5,6,7\n", r"rows 3"),
    "an open quote": ("a.csv", HEAD + '"5,6\n4,3\n', "is not a table"),
    "a wrong separator": ("a.csv", "P_clean|P_kind\n5|6\n", "lacks 2 columns: 'P_clean', 'P_kind'"),
    "no header": ("a.csv", "5,6\n4,3\n", "lacks 2 columns"),
    "another table": ("a.csv", "x,y\n1,2\n", "It has: x, y"),
    "latin-1": ("a.csv", "P_clean,P_kind,x\n5,6,café\n".encode("latin-1"), "Save it as UTF-8, or name its encoding"),
    "odd UTF-16": ("a.csv", (HEAD + "5,6\n").encode("utf-16") + b"x", "is not utf-16 text"),
    "UTF-16 cut off": ("a.csv", (HEAD + "5,6\n").encode("utf-16-le")[:-1], "lacks 2 columns"),
    "a workbook called csv": ("a.csv", b"PK\x03\x04\x14\x00\xff\xff\xff", "Save it as UTF-8"),
    "a csv called xlsx": ("a.xlsx", HEAD + "5,6\n", "cannot be read"),
    "an empty xlsx": ("a.xlsx", b"", "is empty"),
    "a corrupt xlsx": ("a.xlsx", b"PK\x03\x04" + b"garbage" * 50, "cannot be read"),
    "a web page called xls": ("a.xls", "<html><table><tr><td>P_clean</td></tr></table></html>", "cannot be read"),
    "a damaged SPSS file": ("a.sav", b"$FL2@(#)", "cannot be read .* Open it in its program and save it again"),
    "a damaged Stata file": ("a.dta", b"<stata_dta>", "cannot be read"),
    "a damaged Parquet file": ("a.parquet", b"PAR1....PAR1", "cannot be read as Parquet"),
    "a PDF": ("a.pdf", b"%PDF", "files ending in '.pdf' are not read. Give .csv or .xlsx, .sav, .dta, .parquet"),
    "no suffix": ("answers", HEAD, "files ending in '' are not read"),
    "a picture": ("a.csv", bytes(range(256)) * 4, "Save it as UTF-8"),
}


@pytest.mark.parametrize(("name", "content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, message):
    path = text_file(tmp_path, content, name=name)
    with pytest.raises((SpecError, DataError), match=message) as caught:
        read_responses(path, SMALL)
    assert name in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"nope\.csv cannot be read: No such file.* Check the name and the folder"):
        read_responses(tmp_path / "nope.csv", SMALL)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv cannot be read: Is a directory"):
        read_responses(tmp_path / "folder.csv", SMALL)


@pytest.mark.parametrize("sheet", ["数剧", "", 9])
def test_a_sheet_that_is_not_there(tmp_path, sheet):
    path = excel_file(tmp_path, {"数据": [["P_clean", "P_kind"], [5, 6]]})
    with pytest.raises(DataError, match=f"answers.xlsx: sheet {sheet!r} cannot be read"):
        read_responses(path, SMALL, sheet=sheet)


@pytest.mark.parametrize("sheet", [-1, None, [0], 1.5])
def test_what_is_no_sheet_at_all(tmp_path, sheet):
    path = excel_file(tmp_path, {"数据": [["P_clean", "P_kind"], [5, 6]]})
    with pytest.raises((SpecError, DataError)):
        read_responses(path, SMALL, sheet=sheet)


@pytest.mark.parametrize("rows", [[], [["P_clean", "P_kind"]]], ids=["nothing", "header only"])
def test_an_empty_sheet(tmp_path, rows):
    with pytest.raises(DataError, match="no rows"):
        read_responses(excel_file(tmp_path, {"数据": rows}), SMALL)


def test_a_zip_that_is_no_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(DataError, match=r"a\.xlsx: sheet 0 cannot be read"):
        read_responses(tmp_path / "a.xlsx", SMALL)


@pytest.mark.parametrize(
    ("encoding", "error", "message"),
    [
        ("ascii", DataError, "is not ascii text"),
        ("utf-8", DataError, "is not utf-8 text"),
        ("utf-99", SpecError, "encoding='utf-99' is not known"),
        ("hex", SpecError, "encoding='hex' is not known"),
    ],
)
def test_a_wrong_encoding_is_named(tmp_path, encoding, error, message):
    with pytest.raises(error, match=message):
        read_responses(text_file(tmp_path, ROWS, encoding="gb18030"), SMALL, encoding=encoding)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_file_marked_as_utf8_and_cut_off_is_not_read_as_something_else(tmp_path, cut):
    content = "respondent,P_clean,P_kind,store\nr1,5,6,南京路店".encode("utf-8-sig")[:-cut] + b"\n"
    read = result_or_error(lambda: read_table(text_file(tmp_path, content)))
    if isinstance(read, DataError):
        assert "is not utf-8" in str(read)
    else:
        frame, source = read
        assert source.encoding == "utf-8-sig", f"read as {source.encoding}: {frame.columns.tolist()}"


@pytest.mark.parametrize("extra", ["", "x"], ids=["separator at every line's end", "one value too many in every line"])
def test_rows_longer_than_the_header_never_move_answers_into_the_next_column(tmp_path, extra):
    path = text_file(tmp_path, f"respondent,P_clean,P_kind\nr1,5,6,{extra}\nr2,4,3,{extra}\n")
    read = result_or_error(lambda: read_responses(path, SMALL))
    if isinstance(read, DataError):
        assert re.search("line|column", str(read))
    else:
        assert read.answers("perception").to_dict("list") == {"clean": [5, 4], "kind": [6, 3]}


def test_short_rows_are_blank_at_their_end(tmp_path):
    # spreadsheets leave trailing separators out when the last cells of a block of rows are empty
    path = text_file(tmp_path, "respondent,P_clean,P_kind\nr1,5,6\nr2,4\n")
    assert counts(read_responses(path, SMALL)) == {"read": 2, "kept": 2, "asked": 4, "given": 3, "blank": 1}


HEADER_TWICE = ["P_clean", "P_kind", "P_clean"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", "frame"])
@pytest.mark.parametrize(
    "header", [HEADER_TWICE, ["P_clean", "P_kind", " P_clean "]], ids=["twice", "twice with blanks"]
)
def test_a_column_that_occurs_twice_is_refused(tmp_path, suffix, header):
    rows = [header, [5, 6, 1]]
    lines = "\n".join(",".join(map(str, row)) for row in rows)
    read = {
        "frame": lambda: Responses(pd.DataFrame(rows[1:], columns=HEADER_TWICE), SMALL),
        ".csv": lambda: read_responses(text_file(tmp_path, lines), SMALL),
        ".xlsx": lambda: read_responses(excel_file(tmp_path, {"data": rows}), SMALL),
    }
    with pytest.raises(DataError, match="'P_clean' occurs more than once"):
        read[suffix]()


def test_a_mapping_onto_a_column_that_is_there_already_is_refused():
    with pytest.raises(DataError, match="'P_clean' occurs more than once"):
        Responses(frame_of(q1=[5]), SMALL, columns={"P_clean": "q1"})


# --- columns that are missing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"design": SampleDesign(strata="teir")}, "no column 'teir'. Did you mean 'tier'?"),
        ({"design": SampleDesign(clusters=("store", "sub"))}, "lacks 2 columns: 'store', 'sub'"),
        ({"respondent": "respondant"}, "no column 'respondant'. Did you mean 'respondent'?"),
        ({"columns": {"P_clean": "整洁"}}, "no column '整洁'"),
    ],
)
def test_missing_columns_are_named_with_a_near_one(options, message):
    frame = frame_of(tier=["a"], respondent=["r1"])
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        Responses(frame, SMALL, **options)
    assert caught.value.cases["problem"].unique().tolist() == ["missing column"]


def test_missing_answer_columns_are_all_named():
    servqual = load_instrument("servqual-22")
    frame = pd.DataFrame({name: [5] for name in servqual.columns("perception").values()})
    with pytest.raises(DataError) as caught:
        Responses(frame.drop(columns=["P_TAN1", "P_EMP5"]).assign(P_TAN_1=5), servqual)
    assert caught.value.cases["column"].tolist() == ["P_TAN1", "P_EMP5"]
    assert "Did you mean 'P_TAN_1'?" in str(caught.value)


def test_a_form_of_which_a_part_is_there_is_refused():
    with pytest.raises(DataError, match="no column 'E_kind'"):
        Responses(frame_of(E_clean=[5]), BOTH)
    assert Responses(frame_of(x=[5]), BOTH).forms == ("perception",)


def test_a_name_in_other_letters_is_a_near_one():
    with pytest.raises(DataError, match=r"Did you mean 'STORE'\?"):
        Responses(frame_of(STORE=["a"]), SMALL, SampleDesign(clusters="store"))


# --- wrong arguments ---------------------------------------------------------------------------------------

COUNTED = Instrument("n", "1", {"en": "n"}, "", Scale(), (Form("perception", "{id}"),), (), SMALL.items[:1])
WRONG_CALLS = {
    "nothing": lambda path: read_responses(),
    "no instrument": lambda path: read_responses(path),
    "path and sides": lambda path: read_responses(path, SMALL, perception=path, expectation=path),
    "one side": lambda path: read_responses(instrument=SMALL, perception=path),
    "faults misspelt": lambda path: read_responses(path, SMALL, faults="setaside"),
    "instrument by name": lambda path: read_responses(path, "servqual-22"),
    "design by column": lambda path: read_responses(path, SMALL, "store"),
    "a path with a null byte": lambda path: read_responses("a\0.csv", SMALL),
    "columns as a list": lambda path: read_responses(path, SMALL, columns=["P_clean"]),
    "a dictionary for a frame": lambda path: Responses({"P_clean": [5], "P_kind": [6]}, SMALL),
    "numbers for columns": lambda path: Responses(pd.DataFrame([[5, 6]]), SMALL),
    "a number for a design column": lambda path: Responses(
        pd.DataFrame([[5, 6, 1]], columns=["P_clean", "P_kind", 3]), SMALL, SampleDesign(strata="3")
    ),
    "a number for an answer column": lambda path: Responses(
        pd.DataFrame([[5]], columns=[1]), replace(COUNTED, items=(replace(COUNTED.items[0], id="1"),))
    ),
}


@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_a_wrong_call_is_answered_in_words(tmp_path, call):
    """Either it works or it says what is wrong: no AttributeError, KeyError or TypeError from below."""
    path = text_file(tmp_path, ROWS)
    read = result_or_error(lambda: call(path))
    assert str(read)
    assert isinstance(read, ValueError) or read.ledger.adds_up()


# --- anything at all ---------------------------------------------------------------------------------------


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, inserted, deleted or cut off."""
    out = bytearray(content)
    for _ in range(rng.randint(1, 5)):
        place, kind = rng.randrange(len(out) or 1), rng.randrange(4)
        if kind == 0 and out:
            out[place] = rng.randrange(256)
        elif kind == 1:
            out[place:place] = bytes(rng.choices(b"\x00\xff\",;\n\r\t'=-9 \xe5\xba\x97", k=4))
        elif kind == 2:
            del out[place : place + rng.randint(1, 20)]
        else:
            del out[place:]
    return bytes(out)


@pytest.mark.parametrize("kind", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "xlsx"])
def test_damaged_files_are_read_or_refused_in_words(tmp_path, kind):
    rng = random.Random(f"damaged {kind}")
    suffix = ".xlsx" if kind == "xlsx" else ".csv"
    rows = [line.split(",") for line in DIRTY.strip().split("\n")]
    sound = (
        excel_file(tmp_path, {"数据": rows}).read_bytes() if kind == "xlsx" else (DIRTY + "店,1,5,6,7\n").encode(kind)
    )
    outcomes = set()
    for _ in range(40):
        path = text_file(tmp_path, mutated(sound, rng), name=f"damaged{suffix}")
        options = {"design": WEIGHTED, "respondent": "respondent", "faults": "set aside"}
        read = result_or_error(lambda path=path, options=options: read_responses(path, SMALL, **options))
        refused = isinstance(read, ValueError)
        assert str(tmp_path) not in str(read)
        assert refused or read.ledger.adds_up()
        outcomes.add("refused" if refused else "read")
    assert "refused" in outcomes


# --- two files ---------------------------------------------------------------------------------------------


def two_files(folder):
    perception = text_file(folder, "id,P_clean,P_kind\n1,5,6\n2,4,3\n", name="perception.csv")
    expectation = text_file(folder, "id,E_clean,E_kind\n7,7,6\n8,7,7\n9,6,7\n", name="expectation.csv")
    return {"perception": perception, "expectation": expectation}


def test_two_files_answered_by_different_people(tmp_path):
    responses = read_responses(instrument=BOTH, **two_files(tmp_path))
    assert responses.pairing == "independent"
    assert [side.n for side in responses.sides] == [2, 3]
    assert [side.source.name for side in responses.sides] == ["perception.csv", "expectation.csv"]
    assert (dict(responses.matches), responses.unmatched) == ({"clean": "clean", "kind": "kind"}, ())
    assert "independent" in repr(responses)


def test_two_files_in_the_wrong_places(tmp_path):
    files = two_files(tmp_path)
    with pytest.raises(DataError, match=r"expectation\.csv holds no perception answers; it holds: expectation"):
        read_responses(instrument=BOTH, perception=files["expectation"], expectation=files["perception"])


def test_faults_in_the_second_file_name_the_second_file(tmp_path):
    files = two_files(tmp_path)
    text_file(tmp_path, "E_clean,E_kind\n7,77\n", name="expectation.csv")
    with pytest.raises(DataError, match=r"expectation\.csv: 1 fault") as caught:
        read_responses(instrument=BOTH, **files)
    assert caught.value.cases["file"].tolist() == ["expectation.csv"]


def test_each_file_may_bring_its_own_column_names_in_one_mapping(tmp_path):
    expectation = text_file(tmp_path, "期望整洁,期望热情\n7,7\n6,5\n", name="expectation.csv")
    perception = text_file(tmp_path, "感知整洁,感知热情\n5,5\n6,5\n", name="perception.csv")
    columns = {"E_clean": "期望整洁", "E_kind": "期望热情", "P_clean": "感知整洁", "P_kind": "感知热情"}
    responses = read_responses(instrument=BOTH, perception=perception, expectation=expectation, columns=columns)
    assert [side.n for side in responses.sides] == [2, 2]


def sides(perception: Instrument, expectation: Instrument) -> Responses:
    """Three answers of 5 to either instrument, joined."""
    mine = Responses(pd.DataFrame(dict.fromkeys(perception.columns("perception").values(), [5] * 3)), perception)
    other = Responses(pd.DataFrame(dict.fromkeys(expectation.columns("expectation").values(), [5] * 3)), expectation)
    return read_responses(perception=mine, expectation=other)


def test_items_match_by_id_or_by_maps_to_of_either_side():
    perception = instrument_of("clean", "kind", "quick", "lone", name="exit", kind={"home": "friendly"})
    expectation = instrument_of("clean", "friendly", "speed", "only", name="home", forms="E", speed={"exit": "quick"})
    joined = sides(perception, expectation)
    assert dict(joined.matches) == {"clean": "clean", "kind": "friendly", "quick": "speed"}
    assert joined.unmatched == (("perception", "lone"), ("expectation", "only"))


def test_the_same_id_goes_before_maps_to_whatever_the_order():
    expectation = instrument_of("kind", name="home", forms="E")
    perception = instrument_of("nice", "kind", name="exit", nice={"home": "kind"})
    assert match_items(perception, expectation) == {"kind": "kind"}


def test_no_item_is_compared_twice():
    expectation = instrument_of("kind", name="home", forms="E")
    perception = instrument_of("nice", "warm", name="exit", nice={"home": "kind"}, warm={"home": "kind"})
    matches = match_items(perception, expectation)
    assert len(matches) == 1
    assert sides(perception, expectation).unmatched == (("perception", "warm"),)


def test_two_files_without_common_items_are_refused():
    with pytest.raises(SpecError, match=r"no item of 'exit' matches one of 'home'.*maps_to"):
        sides(instrument_of("a", name="exit"), instrument_of("b", name="home", forms="E"))


@pytest.mark.parametrize(("low", "high"), [(1, 5), (0, 10), (0, 7), (1, 10)])
def test_two_files_on_different_scales_are_refused(low, high):
    with pytest.raises(SpecError, match=f"from 1 to 7, expectations from {low} to {high}.*Ask both on one scale"):
        sides(instrument_of("a", name="exit"), instrument_of("a", name="home", forms="E", low=low, high=high))


def test_paired_where_the_same_people_answered_both():
    frame = frame_of(P_clean=[5, 4], E_clean=[7, 7], E_kind=[6, 7])
    responses = Responses(frame, BOTH)
    assert (responses.pairing, responses.forms, responses.sides) == (
        "paired",
        ("expectation", "perception"),
        (responses,),
    )
