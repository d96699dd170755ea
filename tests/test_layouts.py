"""One line per answer: the same responses as one row per respondent, and every line accounted for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from servqual import SampleDesign, load_instrument, read_responses, score_gaps
from servqual.instruments import Form, Instrument, Item, Outcome, Scale
from servqual.layouts import Long, to_wide
from servqual.report.cautions import data_cautions
from survey_design import DataError, SpecError
from survey_design.files.table import Source

ITEMS = tuple(Item(name, "", {"en": name}, {"en": name}) for name in ("clean", "kind"))
OUTCOME = Outcome("rec", "recommend", Scale(0, 10), {"en": "r"}, {})
FORMS = (Form("expectation", "E_{id}"), Form("perception", "P_{id}"))
SMALL = Instrument("small", "1", {"en": "s"}, "", Scale(1, 7), FORMS[1:], (), ITEMS, (OUTCOME,))
BOTH = Instrument("both", "1", {"en": "b"}, "", Scale(1, 7), FORMS, (), ITEMS, (OUTCOME,))
LONG = {"layout": "long", "respondent": "id"}


def written(folder, text, name="long.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def long_of(wide: pd.DataFrame, kept: list[str], seed: int) -> pd.DataFrame:
    """The same answers one per line, in any order; a blank answer has a line or has none."""
    rng = np.random.default_rng(seed)
    lines = wide.melt(id_vars=kept, var_name="question", value_name="answer")
    lines = lines[lines["answer"].notna() | (rng.random(len(lines)) < 0.5)]
    return lines.sample(frac=1, random_state=seed)


@pytest.mark.parametrize("seed", range(5))
def test_long_and_wide_give_the_same_table(tmp_path, seed):
    rng = np.random.default_rng(seed)
    instrument, n = load_instrument("servqual-22"), 40
    names = [column for form in ("expectation", "perception") for column in instrument.columns(form).values()]
    wide = pd.DataFrame(rng.integers(1, 8, (n, 44)), columns=names).mask(rng.random((n, 44)) < 0.05).astype("Int64")
    kept = {"id": [f"r{k}" for k in range(n)], "store": rng.integers(1, 9, n), "weight": rng.uniform(1, 2, n).round(2)}
    wide = wide.assign(**kept)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    long_of(wide, list(kept), seed).to_csv(tmp_path / "long.csv", index=False)
    design = SampleDesign(clusters="store", weight="weight")
    one = read_responses(tmp_path / "wide.csv", instrument, design, respondent="id")
    other = read_responses(tmp_path / "long.csv", instrument, design, **LONG)
    assert other.ledger.to_frame().equals(one.ledger.to_frame())
    shown = score_gaps(other).to_frame()
    expected = score_gaps(one).to_frame()
    numbers = expected.select_dtypes("number").columns
    np.testing.assert_allclose(shown[numbers].astype(float), expected[numbers].astype(float), rtol=1e-9)
    assert shown["n"].tolist() == expected["n"].tolist()


FORMED = "id,form,question,answer\n1,{p},clean,5\n1,{p},kind,6\n1,{e},clean,7\n1,{e},kind,7\n1,,rec,10\n"


@pytest.mark.parametrize(("p", "e"), [("perception", "expectation"), ("Perception", "Expectation"), ("感知", "期望"),
                                      ("P", "E"), ("p_", "e_")])  # fmt: skip
def test_a_form_column_says_which_form_is_answered(tmp_path, p, e):
    responses = read_responses(written(tmp_path, FORMED.format(p=p, e=e)), BOTH, form="form", **LONG)
    assert responses.frame.iloc[0].to_dict() == {
        "id": "1", "P_clean": 5, "P_kind": 6, "E_clean": 7, "E_kind": 7, "recommend": 10}  # fmt: skip


def test_other_names_and_questions_nobody_knows(tmp_path):
    path = written(tmp_path, "编号,题目,分数,门店\n1,q1,5,甲\n1,q2,6,甲\n1,性别,女,甲\n2,q1,3,乙\n2,q2,4,\n")
    responses = read_responses(
        *(path, SMALL, SampleDesign(clusters="store")),
        columns={"P_clean": "q1", "P_kind": "q2", "id": "编号", "store": "门店"},
        item="题目",
        answer="分数",
        **LONG,
    )
    assert responses.answers("perception").to_dict("list") == {"clean": [5, 3], "kind": [6, 4]}
    assert responses.frame["store"].tolist() == ["甲", "乙"], "a blank beside a store says nothing else"
    assert responses.frame["性别"].tolist() == ["女", None], "nothing is lost"


FAULTY = (
    "id,question,answer\n"
    "1,clean,5\n1,kind,6\n"  # lines 2, 3
    "1,clean,6\n"  # 4: differs
    "1,kind,6\n"  # 5: said again
    "2,clean,9\n2,kind,x\n"  # 6, 7
    "id,question,answer\n"  # 8: header
    ",clean,4\n3,,4\n"  # 9, 10: nobody, nothing
    "3,clean,\n3,clean,4\n3,kind,5\n"  # 11 blank beside 12
)


def test_every_line_is_accounted_for_and_every_fault_has_its_line(tmp_path):
    responses = read_responses(written(tmp_path, FAULTY), SMALL, faults="set aside", **LONG)
    assert responses.cases[["row", "column", "value", "problem"]].to_numpy().tolist() == [
        [4, "P_clean", "5 ↔ 6", "two different answers"],
        [6, "P_clean", "9", "outside 1-7"],
        [7, "P_kind", "x", "not a number"],
        [8, "id", "id", "header repeated"],
        [9, "id", "", "no respondent or question"],
        [10, "id", "", "no respondent or question"],
    ]
    ledger = responses.ledger
    assert dict(ledger.lines) == {
        "lines read": 12, "header repeated": 1, "no respondent": 2, "said again": 2, "in conflict": 1, "one answer each": 6,
    }  # fmt: skip
    assert [ledger.count(step) for step in ("read", "empty", "kept", "asked", "given")] == [3, 1, 2, 4, 3]
    assert ledger.adds_up()
    assert not type(ledger)(ledger.frame, "en", "", (("lines read", 12), ("one answer each", 6))).adds_up()
    assert "12 = header repeated 1, without respondent or question 2" in ledger.note()
    assert "读入行数 12 = 重复的表头 1，缺受访者或题目 2" in responses.in_language("zh").ledger.note()
    assert responses.source.n_raw == 12
    with pytest.raises(DataError, match=r"long\.csv: 5 faults.*two different answers \(row 4\)"):
        read_responses(tmp_path / "long.csv", SMALL, **LONG)


@pytest.mark.parametrize("seed", range(20))
def test_lines_add_up_for_any_long_file(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    draw = {
        "id": ["1", "2", "3", "1.0", ""],
        "question": ["clean", "kind", "rec", "other", ""],
        "answer": [5, 6, "", None],
    }
    lines = pd.DataFrame({name: rng.choice(np.array(values, dtype=object), n) for name, values in draw.items()})
    lines.loc[n] = ["1", "clean", 5]
    wide, source = to_wide(lines, Source(n_raw=n + 1), Long("id"), SMALL)
    said = source.lines.counts
    assert said[0] == ("lines read", n + 1)
    assert sum(k for _, k in said[1:]) == n + 1
    usable = lines[(lines["id"] != "") & (lines["question"] != "")]
    people = usable["id"].str.removesuffix(".0")
    assert len(wide) == people.nunique()
    assert dict(said)["one answer each"] == len(pd.DataFrame({"p": people, "q": usable["question"]}).drop_duplicates())


def test_design_columns_that_differ_within_a_respondent_are_all_listed(tmp_path):
    text = "id,question,answer,store,weight,time\n1,clean,5,a,1,9\n1,kind,5,b,1,8\n2,clean,5,a,1,7\n2,kind,5,a,2,6\n"
    with pytest.raises(DataError, match=r"store, weight of the design must be the same.*\(rows 3, 5\)") as caught:
        read_responses(written(tmp_path, text), SMALL, SampleDesign(clusters="store", weight="weight"), **LONG)
    assert caught.value.cases[["row", "column", "value"]].to_numpy().tolist() == [[3, "store", "b"], [5, "weight", "2"]]
    responses = read_responses(tmp_path / "long.csv", SMALL, **LONG)
    assert "store" not in responses.frame.columns
    assert "left out because they differ between the lines of a respondent: store, weight, time" in str(
        data_cautions(responses, "en")
    )
    assert "同一受访者各行取值不一，未保留：store、weight、time" in str(data_cautions(responses, "zh"))


def test_ids_are_one_person_however_they_are_typed(tmp_path):
    responses = read_responses(
        written(tmp_path, "id,question,answer\n1001,clean,5\n１００１,kind,6\n1001.0,rec,9\n"), SMALL, **LONG
    )
    assert responses.n == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layout": "long"}, SpecError, "needs respondent="),
        ({"layout": "tall", "respondent": "id"}, SpecError, "layout='tall' is not known"),
        ({**LONG, "item": "item"}, DataError, "no column 'item'"),
        ({**LONG, "item": "answer"}, SpecError, "each needs a column of its own"),
    ],
)
def test_a_wrong_call_is_answered_in_words(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        read_responses(written(tmp_path, "id,question,answer\n1,clean,5\n1,kind,5\n"), SMALL, **options)


def test_a_long_file_in_which_no_line_can_be_placed(tmp_path):
    with pytest.raises(DataError, match="no line names both a respondent and a question"):
        read_responses(written(tmp_path, "id,question,answer\n,clean,5\n1,,5\n"), SMALL, **LONG)


def test_declared_missing_values_of_a_long_spss_file(tmp_path):
    import pyreadstat

    frame = pd.DataFrame({"id": [1.0, 1, 2, 2], "question": ["clean", "kind"] * 2, "answer": [5.0, 99, 6, 7]})
    pyreadstat.write_sav(frame, tmp_path / "long.sav", missing_ranges={"answer": [99]})
    responses = read_responses(tmp_path / "long.sav", SMALL, **LONG)
    assert responses.ledger.count("missing code") == 1
    assert responses.frame["id"].tolist() == [1, 2]
