"""Filled forms come back: four tools' exports, made here after their documentation from invented answers, in both languages.

The exports are written by this file alone: headings of KoboToolbox and ODK are the paths of the form that pyxform makes,
those of the other tools follow their documentation and exports in use. Each must give the scores of the answers themselves.
"""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual import Responses, load_instrument, read_responses, score_gaps
from servqual.instruments import Instrument
from survey_design.errors import DataError, SpecError
from survey_design.exit_interview import PRODUCTS
from survey_design.forms.cells import read_column, seconds_of
from survey_design.forms.contacts import aapor_code
from survey_design.forms.exports import recognise
from survey_design.forms.filled import Filled, read_filled
from survey_design.intercepts import count_outcomes, outcome_rates
from survey_design.questionnaire import Choice, Condition, Question, Questionnaire, Scale, Section
from survey_design.results import say
from survey_design.sampling import SampleDesign

N = 24
UUIDS = [f"00000000-0000-4000-8000-{k:012d}" for k in range(N)]
LANGUAGES = ["en", "zh"]
INTERCEPT = load_instrument("retail-13").questionnaire(intercept=True)


# --- what was answered -------------------------------------------------------------------------------------


def asked(instrument: Instrument) -> Questionnaire:
    return instrument.questionnaire(importance=True)


def answered(form: Questionnaire, seed: int) -> pd.DataFrame:
    """Invented answers as codes: some "don't know", some blank."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {}
    for question in form.questions:
        if question.kind == "points":
            cuts = rng.multinomial(20, np.full(len(question.choices), 1 / len(question.choices)), N) * 5
            columns |= {str(choice.value): cuts[:, k].tolist() for k, choice in enumerate(question.choices)}
        elif question.kind == "graded":
            values = rng.integers(question.scale.low, question.scale.high + 1, N).tolist()
            if question.scale.low == 1:
                values[int(rng.integers(N))] = 99
            values[int(rng.integers(N))] = None
            columns[question.name] = values
        elif question.kind in ("single", "yes_no"):
            columns[question.name] = [question.codes[k] for k in rng.integers(0, len(question.codes), N)]
    return pd.DataFrame(columns, dtype=object)


def option_words(question: Question, code: Any, language: str) -> str:
    return next(say(option.label, language) for option in question.options if option.value == code)


def by_column(form: Questionnaire) -> dict[str, tuple[Section, Question]]:
    return {column: (section, question) for section in form.sections for question in section.questions
            for column in question.columns}  # fmt: skip


def cell_words(form: Questionnaire, column: str, value: Any, language: str) -> Any:
    """The words of an answer, as a tool shows them; numbers stay numbers."""
    question = by_column(form)[column][1]
    return (
        value
        if value is None or not question.options or question.kind == "points"
        else option_words(question, value, language)
    )


def heading_words(form: Questionnaire, column: str, language: str) -> str:
    question = by_column(form)[column][1]
    if question.kind == "points":
        return next(say(choice.label, language) for choice in question.choices if choice.value == column)
    return say(question.label, language)


def lead_words(form: Questionnaire, column: str, language: str) -> str:
    section = by_column(form)[column][0]
    return say(section.lead, language) or say(section.label, language)


def place(question: Question, value: Any) -> Any:
    """Where an answer stands among the answers, from 1."""
    return None if value is None else question.codes.index(value) + 1


# --- exports -----------------------------------------------------------------------------------------------


_PATHS: dict[tuple[str, ...], dict[str, list[str]]] = {}  # converting a form takes a second


def form_paths(form: Questionnaire, folder: Path) -> dict[str, list[str]]:
    """Question -> groups and name, as they are in the form that pyxform makes of the XLSForm."""
    pyxform = pytest.importorskip("pyxform.xls2xform")
    from survey_design.forms.xlsform import write_xlsform

    if form.columns not in _PATHS:
        path = write_xlsform(form, folder / "form.xlsx", check=False)
        tree = ET.fromstring(pyxform.convert(io.BytesIO(path.read_bytes()), file_type=".xlsx", validate=False).xform)
        nodes = [bind.get("nodeset").split("/")[2:] for bind in tree.iter("{http://www.w3.org/2002/xforms}bind")]
        _PATHS[form.columns] = {parts[-1]: parts for parts in nodes}
    return _PATHS[form.columns]


def write_book(path: Path, sheets: dict[str, pd.DataFrame]) -> Path:
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, frame in sheets.items():
            frame.to_excel(book, sheet_name=name, index=False)
    return path


def kobo(form: Questionnaire, answers: pd.DataFrame, language: str, folder: Path, *, words: bool) -> Path:
    """An Excel file of KoboToolbox: XML names and values, or labels in one language; group names before questions."""
    paths = form_paths(form, folder)
    frame = pd.DataFrame({"start": ["2026-03-02T10:00:00.000+08:00"] * N, "end": ["2026-03-02T10:07:30.000+08:00"] * N})
    for parts in paths.values():
        column = parts[-1]
        if column in ("start", "end", "instanceID"):
            continue
        if column not in answers:  # a note or a running rest has a column too
            frame["/".join(parts)] = None
            continue
        if words:
            section = by_column(form)[column][0]
            heading = "/".join([say(section.label, language), heading_words(form, column, language)])
            frame[heading] = [cell_words(form, column, value, language) for value in answers[column]]
        else:
            frame["/".join(parts)] = answers[column]
    tail = {"_id": range(500, 500 + N), "_uuid": UUIDS, "_submission_time": "2026-03-02T02:08:00", "_validation_status": "",
            "_notes": "", "_status": "submitted_via_web", "_submitted_by": "field-01", "__version__": "v1", "_tags": "",
            "_index": range(1, N + 1)}  # fmt: skip
    return write_book(folder / "kobo.xlsx", {"form": frame.assign(**tail)})


def odk(form: Questionnaire, answers: pd.DataFrame, language: str, folder: Path) -> Path:
    """The CSV of ODK Central: values, groups before names with hyphens."""
    frame = pd.DataFrame({"SubmissionDate": ["2026-03-02T02:08:00.000Z"] * N})
    for parts in form_paths(form, folder).values():
        if parts[-1] in answers:
            frame["-".join(parts)] = answers[parts[-1]]
    frame = frame.assign(**{"meta-instanceID": UUIDS, "KEY": UUIDS, "SubmitterID": 7, "SubmitterName": "Field 01",
                            "ReviewState": None, "DeviceID": "collect:abc"})  # fmt: skip
    path = folder / "odk.csv"
    frame.to_csv(path, index=False)
    return path


def wjx(form: Questionnaire, answers: pd.DataFrame, language: str, folder: Path, *, words: bool) -> Path:
    """Wenjuanxing's CSV in GB18030: matrices of graded questions under one number; codes count the answers."""
    frame = pd.DataFrame({"序号": range(1, N + 1), "提交答卷时间": "2026/3/2 10:07:30", "所用时间": "450秒", "来源": "微信",
                          "来源详情": "N/A", "来自IP": "10.0.0.8(广东-深圳)"})  # fmt: skip
    number, last = 0, None
    for column in answers:
        section, question = by_column(form)[column]
        matrix = (
            (section.name, question.kind)
            if question.kind == "graded" and section.lead
            else (section.name, question.name)
        )
        number += matrix != last
        last = matrix
        label = heading_words(form, column, language)
        if question.kind == "points":
            heading = f"{number}、{say(question.label, language)}:{label}"
        elif section.lead and question.kind == "graded":
            heading = f"{number}、{lead_words(form, column, language)}—{label}"
        else:
            heading = f"{number}、{label}"
        frame[heading] = [wjx_cell(form, column, value, language, words) for value in answers[column]]
    path = folder / "问卷.csv"
    path.write_bytes(frame.to_csv(index=False).encode("gb18030"))
    return path


def wjx_cell(form: Questionnaire, column: str, value: Any, language: str, words: bool) -> Any:
    question = by_column(form)[column][1]
    if value is None:
        return "(空)" if words else -2
    if words:
        return cell_words(form, column, value, language)
    counted = question.kind in ("single", "yes_no") or value == 99
    return place(question, value) if counted else value


def limesurvey(form: Questionnaire, answers: pd.DataFrame, language: str, folder: Path, *, words: bool) -> Path:
    """LimeSurvey's CSV: codes without underscores and answers A1, A2, ..., or full texts."""
    frame = pd.DataFrame({"id": range(1, N + 1), "submitdate": "2026-03-02 10:07:30", "lastpage": 5, "startlanguage": language,
                          "seed": 12345, "startdate": "2026-03-02 10:00:00", "datestamp": "2026-03-02 10:07:30",
                          "ipaddr": "10.0.0.8", "refurl": ""})  # fmt: skip
    for column in answers:
        section, question = by_column(form)[column]
        label = heading_words(form, column, language)
        stem = say(question.label, language) if question.kind == "points" else lead_words(form, column, language)
        if words:
            heading = f"{stem} [{label}]" if section.lead or question.kind == "points" else label
            frame[heading] = [cell_words(form, column, value, language) for value in answers[column]]
        else:
            head, _, tail = column.partition("_")
            chosen = question.options and question.kind != "points"
            cells = [f"A{place(question, v)}" if chosen and v is not None else v for v in answers[column]]
            frame[f"{head}[{tail.replace('_', '')}]" if tail else head] = cells
    path = folder / "results-survey.csv"
    frame.assign(interviewtime=450.2, groupTime7=12.5).to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    return path


def qualtrics(form: Questionnaire, answers: pd.DataFrame, language: str, folder: Path, *, words: bool) -> Path:
    """Qualtrics' CSV: three header rows; default names Q1_1, numbers count the answers, or choice texts."""
    own = {"StartDate": "2026-03-02 10:00:00", "EndDate": "2026-03-02 10:07:30", "Status": "IP Address" if words else 0,
           "IPAddress": "10.0.0.8", "Progress": 100, "Duration (in seconds)": 450, "Finished": "True" if words else 1,
           "RecordedDate": "2026-03-02 10:07:31", "ResponseId": [f"R_{k}" for k in range(N)], "RecipientLastName": "",
           "RecipientFirstName": "", "RecipientEmail": "", "ExternalReference": "", "LocationLatitude": "22.5",
           "LocationLongitude": "114.1", "DistributionChannel": "anonymous", "UserLanguage": language.upper()}  # fmt: skip
    frame = pd.DataFrame(own, index=range(N))
    texts, ids = list(own), [json.dumps({"ImportId": name}) for name in own]
    for k, column in enumerate(answers):
        section, question = by_column(form)[column]
        label = heading_words(form, column, language)
        stem = say(question.label, language) if question.kind == "points" else lead_words(form, column, language)
        texts.append(f"{stem} - {label}" if section.lead or question.kind == "points" else label)
        ids.append(json.dumps({"ImportId": f"QID{k}_1"}, separators=(",", ":")))
        counted = question.kind in ("single", "yes_no")
        frame[f"Q{k}_1"] = [
            cell_words(form, column, v, language) if words else place(question, v) if counted else v
            for v in answers[column]
        ]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([list(frame.columns), texts, ids])
    writer.writerows(
        ["" if pd.isna(value) else value for value in row] for row in frame.astype(object).to_numpy().tolist()
    )
    path = folder / "qualtrics.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8-sig", newline="")
    return path


EXPORTS: dict[str, tuple[str, Callable[..., Path]]] = {
    "kobo values": ("xlsform", lambda *args: kobo(*args, words=False)),
    "kobo labels": ("xlsform", lambda *args: kobo(*args, words=True)),
    "odk central": ("xlsform", odk),
    "wjx codes": ("wjx", lambda *args: wjx(*args, words=False)),
    "wjx words": ("wjx", lambda *args: wjx(*args, words=True)),
    "limesurvey codes": ("limesurvey", lambda *args: limesurvey(*args, words=False)),
    "limesurvey words": ("limesurvey", lambda *args: limesurvey(*args, words=True)),
    "qualtrics numbers": ("qualtrics", lambda *args: qualtrics(*args, words=False)),
    "qualtrics words": ("qualtrics", lambda *args: qualtrics(*args, words=True)),
}


# --- there and back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EXPORTS)
def test_instrument_form_export_scores(tmp_path, name, language):
    """Instrument → form → filled export → responses → gaps, with no mapping written by hand."""
    tool, write = EXPORTS[name]
    instrument = load_instrument("servqual-22", language=language)
    form = asked(instrument)
    answers = answered(form, seed=11)
    filled = read_filled(write(form, answers, language, tmp_path), form)
    assert filled.tool == tool
    assert filled.n == N
    assert (filled.absent, len(filled.cases), len(filled.flagged)) == ((), 0, 0)
    assert filled.ledger.adds_up()
    for column in answers:
        assert [None if pd.isna(v) else v for v in filled.frame[column]] == answers[column].tolist(), column
    direct = Responses(answers, instrument, dont_know=[99])
    came_back = read_responses(filled, instrument)
    pd.testing.assert_frame_equal(score_gaps(came_back).to_frame(), score_gaps(direct).to_frame())
    assert (
        came_back.ledger.count("don't know") == (answers[list(filled.frame.filter(regex="^[EP]_"))] == 99).sum().sum()
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["kobo values", "wjx codes", "wjx words", "limesurvey codes", "qualtrics numbers"])
def test_choices_come_back_as_codes(tmp_path, name, language):
    """A form with yes/no, single choices, outcomes and importance beside the scale."""
    instrument = load_instrument("retail-13", language=language)
    whole = instrument.questionnaire(intercept=True, importance=True, products=PRODUCTS)
    kinds = ("graded", "points", "yes_no", "single")
    sections = [replace(s, relevant=None, questions=tuple(replace(q, relevant=None) for q in s.questions if q.kind in kinds))
                for s in whole.sections if s.name != "ending"]  # fmt: skip
    form = replace(whole, sections=tuple(sections), screening=(), disposition="", interviews=())
    answers = answered(form, seed=12)
    filled = read_filled(EXPORTS[name][1](form, answers, language, tmp_path), form)
    for column in answers:
        assert [None if pd.isna(v) else v for v in filled.frame[column]] == answers[column].tolist(), column
    pd.testing.assert_frame_equal(
        score_gaps(Responses(filled.frame, instrument, dont_know=[99])).to_frame(),
        score_gaps(Responses(answers, instrument, dont_know=[99])).to_frame(),
    )


@pytest.mark.parametrize("name", EXPORTS)
def test_nobody_can_be_recognised(tmp_path, name):
    """Addresses, devices, coordinates and names that tools add reach no column and no cell."""
    form = asked(load_instrument("servqual-22"))
    filled = read_filled(EXPORTS[name][1](form, answered(form, 3), "en", tmp_path), form)
    text = filled.frame.astype(str).to_csv() + filled.flagged.to_csv() + filled.cases.to_csv()
    for secret in ("10.0.0.8", "深圳", "22.5", "114.1", "field-01", "Field 01", "collect:abc", "SubmitterID"):
        assert secret not in text
    assert filled.personal
    assert "not read" in filled.sentence()
    assert "未读入" in filled.sentence("zh")


def test_a_survey_in_a_frame_is_read_too(tmp_path):
    form = asked(load_instrument("servqual-22"))
    answers = answered(form, 4)
    path = qualtrics(form, answers, "en", tmp_path, words=False)
    frame = pd.read_csv(path, dtype=object, encoding="utf-8-sig")  # three header rows: two of them among the rows
    filled = read_filled(frame, form)
    assert filled.frame["P_TAN1"].tolist()[:5] == [v if v is not None else pytest.approx(np.nan, nan_ok=True)
                                                   for v in answers["P_TAN1"].tolist()[:5]]  # fmt: skip
    assert filled.frame["_row"].tolist() == list(range(4, N + 4))


def test_meta_is_kept(tmp_path):
    form = asked(load_instrument("servqual-22"))
    answers = answered(form, 5)
    expected = {"kobo values": 450.0, "wjx codes": 450.0, "limesurvey codes": 450.2, "qualtrics numbers": 450.0}
    for name, seconds in expected.items():
        frame = read_filled(EXPORTS[name][1](form, answers, "en", tmp_path), form).frame
        assert frame["_seconds"].eq(seconds).all(), name
        assert frame["_id"].is_unique
        assert frame["_row"].iloc[0] == (4 if name.startswith("qualtrics") else 2)


def test_without_names_or_words_places_decide(tmp_path):
    """Codes such as G01Q01[SQ001] say nothing by themselves; as many columns as questions are taken in order, and told."""
    form = load_instrument("servqual-22").questionnaire()
    answers = answered(form, 6)
    frame = answers.set_axis([f"G01Q{k // 22:02d}[SQ{k % 22:03d}]" for k in range(answers.shape[1])], axis=1)
    frame.insert(0, "submitdate", "2026-03-02 10:07:30")
    frame.insert(1, "lastpage", 3)
    filled = read_filled(frame, form)
    assert [None if pd.isna(v) else v for v in filled.frame["P_EMP5"]] == answers["P_EMP5"].tolist()
    assert "in order" in filled.sentence()
    assert "先后次序" in filled.sentence("zh")
    with pytest.raises(DataError, match="no column answers a question of the form"):
        read_filled(frame.iloc[:, :-1], form)


def test_an_intercept_study_with_refusals(tmp_path):
    """The form for the shop door, as KoboToolbox sends it: refused and not eligible are counted, interviews are scored."""
    instrument = load_instrument("retail-13")
    form = instrument.questionnaire(intercept=True)
    answers = answered(form, 21)
    for column in form.columns:
        if column not in answers:
            answers[column] = {"date": "2026-03-02", "store": "S001"}.get(column, 3)
    answers["respondent"] = [f"A{k}" for k in range(N)]
    answers = answers[list(form.columns)].assign(purchase=1, consent=1, disposition=110).astype(object)
    refused, ineligible, partial = [2, 7, 11], [5, 13], [17]
    answers.loc[refused + ineligible, [c for c in form.columns if c not in ("respondent", "store", "date")]] = None
    answers.loc[refused, ["purchase", "consent", "disposition"]] = [1, 0, 211]
    answers.loc[ineligible, ["purchase", "disposition"]] = [0, 400]
    answers.loc[partial, "disposition"] = 120
    filled = read_filled(kobo(form, answers, "en", tmp_path, words=False), form)
    assert (filled.n, filled.ledger.count("disposition 211"), filled.ledger.count("disposition 400")) == (N - 5, 3, 2)
    assert filled.ledger.adds_up()
    assert filled.frame["_row"].tolist() == [k + 2 for k in range(N) if k not in refused + ineligible]
    kept = answers.drop(index=refused + ineligible).reset_index(drop=True)
    design = SampleDesign(clusters="store", selection="probability")
    mine, direct = (Responses(each.assign(store=[f"S{k % 4}" for k in range(len(each))]), instrument, design,
                              dont_know=[99], respondent="respondent") for each in (filled.frame, kept))  # fmt: skip
    pd.testing.assert_frame_equal(score_gaps(mine).to_frame(), score_gaps(direct).to_frame())


@settings(max_examples=80, deadline=None)
@given(
    data=st.data(),
    language=st.sampled_from(LANGUAGES),
    tool=st.sampled_from(["xlsform", "wjx", "limesurvey", "qualtrics"]),
)
def test_however_an_answer_is_spelled_it_is_the_same_code(data, language, tool):
    """Codes, words, full-width digits, other dashes, capitals and spaces: one answer, one code."""
    question = data.draw(st.sampled_from([q for q in INTERCEPT.questions if q.kind in ("graded", "single", "yes_no")]))
    option = data.draw(st.sampled_from(question.options))
    words = say(option.label, language)
    spelled = [
        words,
        words.upper(),
        f"  {words} ",
        words.replace("–", "-"),
        words.replace(" – ", "—"),
        words.replace(" – ", "="),
    ]
    if isinstance(option.value, int) and question.kind == "graded":
        wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(option.value))
        spelled += [option.value, float(option.value), str(option.value), f"{option.value}.0", wide]
    cell = data.draw(st.sampled_from(spelled))
    read = read_column(pd.Series([cell], dtype=object), question, tool)
    assert (read.values, read.states) == ([option.value], ["given"])


def test_a_number_with_the_words_of_another_is_no_answer():
    question = INTERCEPT.question("P_initiative")
    cells = pd.Series(["7 – Very high", "7 (Very high)", "6 – Very high", "7：非常高", "7 – 非常低"])
    read = read_column(cells, question, "xlsform")
    assert read.values == [7, 7, None, 7, None]


@pytest.mark.parametrize("name", EXPORTS)
def test_two_filled_forms_are_two_sides(tmp_path, name):
    """Expectations and perceptions of different people: two exports, one call, no code typed."""
    instrument = load_instrument("servqual-22")
    sides, answers = {}, {}
    for seed, side in enumerate(("expectation", "perception")):
        form = instrument.questionnaire(forms=[side])
        (tmp_path / side).mkdir()
        answers[side] = answered(form, 30 + seed)
        sides[side] = read_filled(EXPORTS[name][1](form, answers[side], "en", tmp_path / side), form)
    gaps = score_gaps(read_responses(instrument=instrument, **sides))
    direct = {side: Responses(frame, instrument, dont_know=[99]) for side, frame in answers.items()}
    pd.testing.assert_frame_equal(gaps.to_frame(), score_gaps(read_responses(**direct)).to_frame())
    framed = score_gaps(read_responses(instrument=instrument, dont_know=[99], **answers))
    pd.testing.assert_frame_equal(gaps.to_frame(), framed.to_frame())


def test_what_is_wrong_in_a_filled_form_is_found_in_its_file(tmp_path):
    """Cases of the analysis name the export and its row, also behind rows that were not kept."""
    instrument = load_instrument("servqual-22")
    form = instrument.questionnaire(forms=["perception"])
    answers = answered(form, 5).assign(region="north")
    answers.loc[4, "region"] = None
    status = ["Survey Preview" if k == 1 else "IP Address" for k in range(N)]
    path = tmp_path / "answers.csv"
    answers.assign(ResponseId=UUIDS, RecordedDate="x", Status=status).to_csv(path, index=False)
    filled = read_filled(path, form, keep=["region"])
    with pytest.raises(DataError, match=r"answers\.csv: 1 fault\. region: 1 row missing \(row 6\)") as caught:
        read_responses(filled, instrument, SampleDesign(strata="region"))
    assert caught.value.cases[["file", "row"]].to_numpy().tolist() == [["answers.csv", 6]]
    for how in ({"encoding": "utf-8"}, {"sheet": "a"}, {"header_rows": 2}):
        for source in (filled, filled.frame):
            with pytest.raises(SpecError, match=f"{next(iter(how))}: these say how to read a file"):
                read_responses(source, instrument, **how)
    with pytest.raises(SpecError, match="instrument is missing"):
        read_responses(filled)
    with pytest.raises(SpecError, match="give either path, or expectation"):
        read_responses(filled, instrument, perception=filled, expectation=filled)
    unlike = read_responses(filled, instrument, dont_know=[7], faults="set aside").ledger
    assert unlike.count("don't know") == answers.filter(like="P_").isin([7, 99]).drop(index=1).sum().sum()


# --- a small form, for what instruments don't ask ----------------------------------------------------------

WORDS = {"phone": ("Phone", "手机"), "plan": ("Plan, card", "套餐 卡"), "none": ("Nothing", "没有")}
SMALL = Questionnaire(
    "visit", "1", {"en": "Visit", "zh": "到店"},
    (
        Section("about", {"en": "About", "zh": "情况"}, (
            Question("store", "text", {"en": "Store", "zh": "门店"}),
            Question("bought", "yes_no", {"en": "Did you buy?", "zh": "您购买了吗？"}),
            Question("items", "multiple", {"en": "What did you buy?", "zh": "您买了什么？"},
                     choices=tuple(Choice(code, {"en": en, "zh": zh}) for code, (en, zh) in WORDS.items())),
            Question("day", "date", {"en": "Which day?", "zh": "哪一天？"}),
            Question("wait", "timed", {"en": "Minutes of waiting", "zh": "等候分钟"}, maximum=90, dont_know=(99, {"en": "Don't know", "zh": "不知道"})),
            Question("times", "counted", {"en": "Visits", "zh": "次数"}),
        )),
        Section("rating", {"en": "Rating", "zh": "评分"}, (
            Question("P_1", "graded", {"en": "Clean?", "zh": "整洁吗？"}, dont_know=(99, {"en": "Don't know", "zh": "不知道"}),
                     scale=Scale(1, 5, {"en": "Not at all", "zh": "完全不"}, {"en": "Fully", "zh": "完全"})),
        )),
        Section("calls", {"en": "Calls", "zh": "来电"}, (
            Question("topic", "text", {"en": "Topic", "zh": "主题"}), Question("length", "timed", {"en": "Length", "zh": "时长"}),
        ), repeat=True),
        Section("ending", {"en": "Ending", "zh": "结束"}, (
            Question("outcome", "single", {"en": "How did it end?", "zh": "结果"}, choices=(
                Choice(110, {"en": "Interview", "zh": "完成"}), Choice(211, {"en": "Refused", "zh": "拒访"}),
                Choice(470, {"en": "Not eligible", "zh": "不合格"}))),
        )),
    ),
    screening=(Condition("bought", (1,)),), disposition="outcome", interviews=(110,),
)  # fmt: skip


def kobo_rows(**columns: Any) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"_uuid": [f"u{k}" for k in range(n)], "_index": range(1, n + 1), **columns}, dtype=object)


def test_contacts_without_interview_are_counted_not_kept():
    frame = kobo_rows(
        **{"about/bought": [1, 1, 0, 1, 1, None], "rating/P_1": [4, 5, 3, None, 2, None], "test": ["", "", "", "", "yes", ""],
           "ending/outcome": [110, 211, 110, 470, 110, None], "_validation_status": ["", "", "", "", "", ""]},
    )  # fmt: skip
    filled = read_filled(frame, SMALL)
    counts = {step: filled.ledger.count(step) for step in filled.ledger.frame["step"]}
    assert counts["read"] == 6
    assert {step: n for step, n in counts.items() if n and step in ("kept", "test", "empty", "screened out", "disposition 211",
            "disposition 470")} == {"kept": 1, "test": 1, "empty": 1, "screened out": 1, "disposition 211": 1,
                                    "disposition 470": 1}  # fmt: skip
    assert filled.ledger.adds_up()
    assert filled.frame["_row"].tolist() == [2]
    assert "拒访" in str(filled.ledger.in_language("zh"))
    assert "Refused" in str(filled.ledger)


def test_review_and_platform_status():
    rejected = kobo_rows(
        P_1=[4, 5], _validation_status=["validation_status_not_approved", "validation_status_approved"]
    )
    assert read_filled(rejected, SMALL).ledger.count("rejected") == 1
    status = ["IP Address", "Survey Preview", "Spam", "IP Address", "Survey Test"]
    finished = ["True", "True", "True", "False", "True"]
    frame = pd.DataFrame({"ResponseId": list("abcde"), "RecordedDate": "x", "Status": status, "Finished": finished,
                          "P_1": ["4", "5", "1", "2", "3"]})  # fmt: skip
    filled = read_filled(frame, SMALL)
    assert {step: filled.ledger.count(step) for step in ("test", "spam", "incomplete", "kept")} == {
        "test": 2, "spam": 1, "incomplete": 1, "kept": 1}  # fmt: skip
    assert read_filled(frame, SMALL, incomplete="keep").frame["P_1"].tolist() == [4, 2]
    lime = pd.DataFrame({"id": [1, 2], "submitdate": ["2026-01-01", ""], "lastpage": [3, 1], "P1": ["A4", "A2"]})
    assert read_filled(lime, SMALL).ledger.count("incomplete") == 1


def test_the_same_submission_twice_is_flagged_and_kept():
    frame = kobo_rows(P_1=[4, 4, 5]).assign(_uuid=["u1", "u1", "u2"])
    filled = read_filled(frame, SMALL)
    assert filled.n == 3
    assert filled.flagged[["row", "problem"]].to_numpy().tolist() == [[3, "the same submission as row 2"]]
    assert "Rows to look at: 1" in filled.sentence()


@pytest.mark.parametrize(
    "columns",
    [
        {"about/items": ["phone plan", "none", None, ""]},
        {"about/items": ["Phone Plan, card", "Nothing", None, ""]},
        {"about/items": ["手机 套餐 卡", "没有", None, ""]},
        {"about/items": ["phone plan", "none", None, ""], "about/items/phone": [1, 0, None, None], "about/items/plan": [1, 0, None, None],
         "about/items/none": [0, 1, None, None]},
        {"about/items/phone": ["TRUE", "FALSE", "", ""], "about/items/plan": ["TRUE", "FALSE", "", ""], "about/items/none": ["FALSE", "TRUE", "", ""]},
    ],
)  # fmt: skip
def test_kobo_writes_several_answers_in_one_column_or_in_many(columns):
    filled = read_filled(kobo_rows(P_1=[1, 2, 3, 4], **columns), SMALL)
    assert [None if pd.isna(v) else v for v in filled.frame["items"]] == ["phone plan", "none", None, None]


@pytest.mark.parametrize(
    "columns",
    [
        {"3、(手机)": [1, 0, -3], "3、(套餐 卡)": [1, 0, -3], "3、(没有)": [0, 1, -3]},
        {"第3题(手机)": [1, 0, -3], "第3题(套餐 卡)": [1, 0, -3], "第3题(没有)": [0, 1, -3]},
        {"3(手机)": [1, 0, -3], "3(套餐 卡)": [1, 0, -3], "3(没有)": [0, 1, -3]},
        {"3、您买了什么？:手机": [1, 0, -3], "3、您买了什么？:套餐 卡": [1, 0, -3], "3、您买了什么？:没有": [0, 1, -3]},
        {"3、您买了什么？": ["手机┋套餐 卡", "没有", "(跳过)"]},
        {"3、您买了什么？": ["1┋2", "3", "-3"]},
    ],
)
def test_wjx_writes_several_answers_in_many_ways(columns):
    frame = pd.DataFrame({"序号": [1, 2, 3], "所用时间": "60秒", **columns, "7、整洁吗？": [5, 4, 6]})
    filled = read_filled(frame, SMALL)
    assert [None if pd.isna(v) else v for v in filled.frame["items"]] == ["phone plan", "none", None]
    assert filled.frame["P_1"].tolist() == [5, 4, 99]  # the sixth answer of five grades is "don't know"
    assert filled.ledger.count("not asked") == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"items[SQ001]": ["Y", "", ""], "items[SQ002]": ["Y", "", ""], "items[SQ003]": ["", "Y", ""]},
        {"What did you buy? [Phone]": ["Yes", "No", ""], "What did you buy? [Plan, card]": ["Yes", "No", ""], "What did you buy? [Nothing]": ["No", "Yes", ""]},
        {"items[phone]": ["Y", "", ""], "items[plan]": ["Y", "", ""], "items[none]": ["", "Y", ""]},
    ],
)  # fmt: skip
def test_limesurvey_ticks(columns):
    frame = pd.DataFrame({"submitdate": "2026-03-02", "lastpage": 3, "P1": ["A5", "A1", "A2"], **columns})
    filled = read_filled(frame, SMALL)
    assert [None if pd.isna(v) else v for v in filled.frame["items"]] == ["phone plan", "none", None]


def test_qualtrics_ticks():
    head = {"ResponseId": "Response ID", "RecordedDate": "Recorded Date", "Q1_1": "What did you buy? - Selected Choice - Phone",
            "Q1_2": "What did you buy? - Selected Choice - Plan, card", "Q1_3": "What did you buy? - Selected Choice - Nothing",
            "Q2": "Clean?"}  # fmt: skip
    ids = {name: json.dumps({"ImportId": name}) for name in head}
    rows = [{"ResponseId": "a", "RecordedDate": "x", "Q1_1": "Phone", "Q1_2": "Plan, card", "Q1_3": "", "Q2": "Fully"},
            {"ResponseId": "b", "RecordedDate": "x", "Q1_1": "", "Q1_2": "", "Q1_3": "3", "Q2": "4"},
            {"ResponseId": "c", "RecordedDate": "x", "Q1_1": "", "Q1_2": "", "Q1_3": "", "Q2": "Don't know"}]  # fmt: skip
    filled = read_filled(pd.DataFrame([head, ids, *rows]), SMALL)
    assert [None if pd.isna(v) else v for v in filled.frame["items"]] == ["phone plan", "none", None]
    assert filled.frame["P_1"].tolist() == [5, 4, 99]


def test_numbers_days_and_durations():
    frame = kobo_rows(P_1=[1] * 5, wait=["12", 7.5, "Don't know", "99", " "], times=[0, "3", 2.0, "１２", None],
                      day=["2026-03-02", "2026/3/2", "2026年3月2日", pd.Timestamp("2026-03-02"), None])  # fmt: skip
    got = read_filled(frame, SMALL).frame
    assert got["wait"].tolist()[:4] == [12, 7.5, 99, 99]
    assert got["times"].tolist()[:4] == [0, 3, 2, 12]
    assert got["day"].tolist() == ["2026-03-02"] * 4 + [None]


def test_cells_that_say_no_answer_are_listed_with_their_rows():
    frame = kobo_rows(**{"P_1": [4, 9, "good", 5], "about/wait": [10, 95, "ten", None], "about/times": [1, 2.5, 3, -1],
                         "about/day": ["2026-02-30", None, "2026-03-01", None], "about/items": ["phone", "tv", None, None],
                         "ending/outcome": [110, 110, 110, 110]})  # fmt: skip
    wrong = [(2, "day", "not a date"), (3, "P_1", "not among the answers"), (3, "wait", "outside 0 to 90"),
             (3, "times", "not a whole number"), (3, "items", "not among the answers"), (4, "P_1", "not among the answers"),
             (4, "wait", "not a number"), (5, "times", "outside 0 to …")]  # fmt: skip
    with pytest.raises(DataError, match="8 cells say no answer of their question") as caught:
        read_filled(frame, SMALL)
    found = caught.value.cases
    assert sorted(zip(found["row"], found["column"], found["problem"], strict=True)) == sorted(wrong)
    aside = read_filled(frame, SMALL, faults="set aside")
    assert aside.n == 4
    assert aside.ledger.count("set aside") == 8
    assert aside.ledger.adds_up()
    assert aside.frame["P_1"].isna().tolist() == [False, True, True, False]


def test_points_that_do_not_sum_are_told():
    form = asked(load_instrument("servqual-22"))
    answers = answered(form, 8)
    parts = [column for column in answers if column.startswith("imp_")]
    answers.loc[3, parts[0]] = answers.loc[3, parts[0]] + 5
    frame = answers.assign(_uuid=UUIDS)
    with pytest.raises(DataError, match="parts sum to 105, not 100"):
        read_filled(frame, form)
    aside = read_filled(frame, form, faults="set aside")
    assert aside.frame.loc[3, parts].isna().all()
    assert aside.frame.drop(index=3)[parts].astype(float).sum(axis=1).eq(100).all()
    assert aside.ledger.adds_up()
    assert aside.ledger.count("set aside") == 5


def test_numbers_that_may_be_codes_or_places():
    """Codes 2, 1 in this order: a 1 may be the code or the first answer."""
    sex = Question("sex", "single", {"en": "Sex", "zh": "性别"},
                   choices=(Choice(2, {"en": "Female", "zh": "女"}), Choice(1, {"en": "Male", "zh": "男"})))  # fmt: skip
    form = Questionnaire("f", "1", {"en": "F", "zh": "表"}, (Section("s", {"en": "S", "zh": "节"}, (sex,)),))
    frame = pd.DataFrame({"序号": [1, 2], "所用时间": "60秒", "1、性别": [1, 2]})
    with pytest.raises(DataError, match="may be the form's codes or the places") as caught:
        read_filled(frame, form)
    assert caught.value.cases["column"].tolist() == ["1、性别"]
    assert read_filled(frame, form, numbers="codes").frame["sex"].tolist() == [1, 2]
    assert read_filled(frame, form, numbers="positions").frame["sex"].tolist() == [2, 1]
    assert read_filled(frame.replace({"1、性别": {1: "女", 2: "男"}}), form).frame["sex"].tolist() == [2, 1]


# --- routing -----------------------------------------------------------------------------------------------

ROUTED = Questionnaire(
    "routed", "1", {"en": "R", "zh": "路"},
    (
        Section("opening", {"en": "Start", "zh": "开始"}, (
            Question("bought", "yes_no", {"en": "Bought?", "zh": "买了吗？"}, dont_know=(9, {"en": "Unknown", "zh": "不详"})),
            Question("items", "multiple", {"en": "What?", "zh": "什么？"}, choices=(Choice("a", {"en": "A", "zh": "甲"}),
                     Choice("b", {"en": "B", "zh": "乙"})), relevant=Condition("bought", (1,))),
            Question("size", "text", {"en": "Size of A?", "zh": "甲的尺寸？"}, relevant=Condition("items", ("a",))),
        )),
        Section("rating", {"en": "Rating", "zh": "评分"}, (
            Question("score", "graded", {"en": "Score", "zh": "分数"}, scale=Scale(0, 10), dont_know=(99, {"en": "?", "zh": "？"})),
            Question("why", "text", {"en": "Why?", "zh": "为什么？"}, relevant=Condition("score", high=6)),
            Question("shares", "points", {"en": "Points", "zh": "分配"}, relevant=Condition("score", low=9),
                     choices=(Choice("p1", {"en": "One", "zh": "一"}), Choice("p2", {"en": "Two", "zh": "二"}))),
        ), relevant=Condition("bought", (1,))),
    ),
)  # fmt: skip

ROUTED_ROWS = {  # by hand: what each cell is ("." given, "b" left blank, "n" not asked, "!" answered though not asked)
    "bought": ([1, 1, 0, 9, 1], "....."),
    "items": (["a b", "b", None, None, None], "..nnb"),
    "size": (["big", None, None, None, "big"], ".nnn!"),
    "score": ([6, 10, None, 99, 99], "..n!."),
    "why": (["slow", None, None, None, None], ".nnnn"),
    "p1": ([None, 40, None, None, 50], "n.nn!"),
    "p2": ([None, 60, None, None, 50], "n.nn!"),
}


@pytest.mark.parametrize("tool", ["xlsform", "qualtrics", "limesurvey"])
def test_blanks_of_questions_passed_by_are_not_asked(tool):
    """Conditions of questions and of sections, on ticks, grades and 'don't know', one after the other."""
    own = {"xlsform": {"_uuid": list("abcde")}, "limesurvey": {"submitdate": "2026-03-02", "lastpage": 2},
           "qualtrics": {"ResponseId": list("abcde"), "RecordedDate": "x"}}[tool]  # fmt: skip
    columns = {name: cells for name, (cells, _) in ROUTED_ROWS.items()}
    rows = pd.DataFrame({**columns, **own}, dtype=object)
    filled = read_filled(rows, ROUTED)
    signs = "".join(text for _, text in ROUTED_ROWS.values())
    counts = {step: filled.ledger.count(step) for step in ("asked", "given", "blank", "not asked")}
    assert counts == {"asked": 35, "given": signs.count(".") + signs.count("!"), "blank": signs.count("b"),
                      "not asked": signs.count("n")}  # fmt: skip
    assert filled.ledger.adds_up()
    told = filled.flagged[["row", "column", "value", "problem"]].to_numpy().tolist()
    assert told == [
        [5, "score", 99, "answered, though asked only if bought = 1"],
        [6, "size", "big", "answered, though asked only if items = a"],
        [6, "p1", 50, "answered, though asked only if score ≥ 9 (and 1 more column)"],
    ]
    assert filled.frame["size"].tolist()[-1] == "big", "an answer is never dropped"
    assert filled.frame["score"].tolist()[3] == 99
    assert "Rows to look at: 3." in filled.sentence()
    assert "3 处需要核对" in filled.sentence("zh")
    assert "跳题未问" in str(filled.ledger.in_language("zh"))


def test_nothing_is_said_of_routing_where_the_deciding_answer_is_unknown():
    """No column for the deciding question, or a cell that can't be read: a blank stays a blank, an answer an answer."""
    rows = pd.DataFrame({"_uuid": ["a", "b"], "score": [3, 8], "why": [None, None], "items": [None, "a"]})
    filled = read_filled(rows, ROUTED)  # score decides on why; of bought, which decides on items, there is no column
    assert (filled.ledger.count("not asked"), filled.ledger.count("blank")) == (1, 2)
    assert filled.flagged.empty
    unread = pd.DataFrame({"_uuid": ["a"], "bought": ["perhaps"], "items": [None], "score": [3]})
    filled = read_filled(unread, ROUTED, faults="set aside")
    assert (filled.ledger.count("not asked"), filled.ledger.count("blank"), len(filled.flagged)) == (0, 1, 0)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_form_filled_as_routed_has_no_blanks_and_no_contradictions(data):
    """Whoever answers all that is asked of them and nothing else leaves no blank: every empty cell was not asked."""
    rows = []
    for _ in range(data.draw(st.integers(1, 6))):
        row = {"bought": data.draw(st.sampled_from([1, 0, 9]))}
        if row["bought"] == 1:
            row["items"] = data.draw(st.sampled_from(["a", "b", "a b"]))
            row["score"] = data.draw(st.sampled_from([*range(11), 99]))
            if "a" in row["items"].split():
                row["size"] = "big"
            if row["score"] <= 6:
                row["why"] = "slow"
            if 9 <= row["score"] <= 10:
                row |= {"p1": 30, "p2": 70}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(ROUTED.columns), dtype=object)
    filled = read_filled(frame.assign(_uuid=range(len(rows))), ROUTED)
    assert filled.ledger.count("blank") == 0
    assert filled.ledger.count("not asked") == frame.isna().sum().sum()
    assert filled.flagged.empty
    assert filled.ledger.adds_up()


# --- how contacts ended ------------------------------------------------------------------------------------


def test_forms_code_endings_as_the_tally_sheet_does():
    """Every ending of the form for the door is one of AAPOR's as the tally sheet words them, with the same meaning."""
    from survey_design.exit_interview import DISPOSITIONS as ENDINGS
    from survey_design.intercepts import DISPOSITIONS

    sheet = {each.code: each.group for each in DISPOSITIONS}
    groups = {code: sheet[aapor_code(code)] for code in ENDINGS}
    assert groups == {110: "I", 120: "P", 211: "R", 212: "R", 230: "O", 233: "O", 300: "U", 400: "NE"}


def contact(k: int, store: str, ending: int | None, **more: Any) -> dict[str, Any]:
    bought = {400: 0, 300: 9}.get(ending or 110, 1)
    agreed = None if bought != 1 else int(ending not in (211, 230, 233))
    base = {"respondent": f"A{k}", "store": store, "date": "2026-03-02" if k < 8 else "2026-03-03", "purchase": bought,
            "consent": agreed, "P_initiative": 5 if agreed else None, "disposition": ending,
            "start": f"2026-03-0{2 + (k >= 8)}T{9 + k % 3:02d}:58:00.000+08:00", "_uuid": f"u{k}"}  # fmt: skip
    return base | more


@pytest.mark.parametrize("language", LANGUAGES)
def test_dispositions_of_forms_give_outcome_rates(language):
    """The published example of R's outcomerate: I 4, P 2, R 1, O 1, U 2, NE 1 (its NC 1 is never on a form)."""
    endings = [110, 110, 110, 110, 120, 120, 211, 233, 300, 300, 400]
    rows = [contact(k, "S001" if k % 2 else "S002", ending) for k, ending in enumerate(endings)]
    if language == "zh":
        for row in rows:
            words = [option.label["zh"] for option in INTERCEPT.question("disposition").options
                     if option.value == row["disposition"]]  # fmt: skip
            row["disposition"] = words[0]
    filled = read_filled(pd.DataFrame(rows, dtype=object), INTERCEPT, absent="accept")
    assert filled.n == 6
    told = filled.dispositions()
    assert list(told.columns) == ["block", "store", "date", "hour", "outcome", "count"]
    assert told.groupby("outcome")["count"].sum().to_dict() == {
        "1.1": 4,
        "1.2": 2,
        "2.11": 1,
        "2.33": 1,
        "3.0": 2,
        "4.0": 1,
    }
    assert told["count"].sum() == len(filled.contacts) == len(endings)
    assert set(told["hour"]) == {9, 10, 11}
    tallies = count_outcomes(filled.contacts, by=["block", "store"])
    assert set(tallies["block"]) == {f"S00{k}-2026-03-0{day}" for k in (1, 2) for day in (2, 3)}
    rates = outcome_rates(tallies).to_frame().set_index("rate")["value"]
    assert rates["RR1"] == pytest.approx(4 / 10)
    assert rates["RR2"] == pytest.approx(6 / 10)
    assert rates["COOP1"] == pytest.approx(4 / 8)
    assert rates["REF1"] == pytest.approx(1 / 10)
    e = 8 / 9  # eligible among those of known eligibility
    assert rates["RR3"] == pytest.approx(4 / (8 + 2 * e))
    by_store = outcome_rates(tallies, by="store").counts.set_index("store")
    assert by_store["picked"].to_dict() == {"S001": 5, "S002": 6}


def test_a_block_of_the_timetable_goes_with_its_contacts():
    rows = [contact(k, "S001", 110, block="B1" if k < 2 else "B2") for k in range(4)]
    filled = read_filled(
        pd.DataFrame(rows, dtype=object).drop(columns=["start"]), INTERCEPT, keep=["block"], absent="accept"
    )
    told = filled.dispositions()
    assert told.drop(columns=["store", "date"]).to_numpy().tolist() == [["B1", "1.1", 2], ["B2", "1.1", 2]]
    assert "hour" not in told


def test_endings_at_odds_with_the_answers_are_flagged_and_not_counted():
    rows = [contact(0, "S001", 110), contact(1, "S001", None), contact(2, "S001", 400), contact(3, "S001", 110, purchase=0),
            contact(4, "S001", None, purchase=0), contact(5, "S001", 110, _uuid="u0")]  # fmt: skip
    filled = read_filled(pd.DataFrame(rows, dtype=object), INTERCEPT, absent="accept")
    odd = filled.flagged[filled.flagged["column"] == "disposition"]
    assert odd[["row", "value", "problem"]].to_numpy().tolist() == [
        [3, "", "no disposition; counted as an interview"],
        [5, 110, "an interview, yet screened out; not among the contacts"],
        [6, "", "screened out without a disposition; not among the contacts"],
    ]
    assert filled.contacts[["outcome", "_row"]].to_numpy().tolist() == [["1.1", 2], ["1.1", 3], ["4.0", 4], ["1.1", 7]]
    with pytest.raises(DataError, match="tells no dispositions"):
        read_filled(kobo_rows(P_1=[4]), ROUTED_FREE).dispositions()


ROUTED_FREE = Questionnaire("f", "1", {"en": "F", "zh": "表"}, SMALL.sections[1:2])


@pytest.mark.parametrize("tool", ["xlsform", "wjx", "limesurvey", "qualtrics"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_endings_may_be_written_as_the_papers_spell_them(tool, language):
    """ "2.11" on the tally sheet is 211 in the file, also where a spreadsheet made 3 of 3.0; and so are the words alone."""
    question = INTERCEPT.question("disposition")
    spelled = ["1.1", "2.11", 2.3, "2.33", 3.0, "4.0", 212]
    read = read_column(pd.Series(spelled, dtype=object), question, tool)
    assert read.values == [110, 211, 230, 233, 300, 400, 212]
    labels = [say(option.label, language) for option in question.options]
    assert read_column(pd.Series(labels), question, tool).values == list(question.codes)
    bare = [label.split(" ", 1)[1] for label in labels]
    assert read_column(pd.Series(bare), question, tool).values == list(question.codes)
    assert [label.split(" ", 1)[0] for label in labels] == [aapor_code(code) for code in question.codes]


# --- what has no column, and what doesn't fit --------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "near"),
    [("P_TAN_1", "P_TAN_1"), ("keeps its premises tidy and bright", ""), ("form/PTAN1", "form/PTAN1"),
     ("7、has all facilities customers need on the spot, such as seats to rest on", "7、has all facilities"), ("x", "")],
)  # fmt: skip
def test_a_required_item_without_a_column_is_an_error_that_names_the_nearest_heading(heading, near, tmp_path):
    form = load_instrument("servqual-22").questionnaire(forms=["perception"])
    export = answered(form, 3).rename(columns={"P_TAN1": heading}).assign(_uuid=UUIDS)
    path = tmp_path / "export.csv"
    export.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"export\.csv: no column answers 1 required question: P_TAN1 \(") as caught:
        read_filled(path, form)
    assert (f"nearest heading: '{near}" in str(caught.value)) if near else ("nearest" not in str(caught.value))
    assert caught.value.cases[["row", "column"]].to_numpy().tolist() == [[1, "P_TAN1"]]
    filled = read_filled(path, form, absent="accept")
    assert (filled.n, filled.absent, "P_TAN1" in filled.frame) == (N, ("P_TAN1",), False)
    assert repr(filled) == f"<Filled export.csv: n = {N}, xlsform, no column answers P_TAN1>"
    assert "P_TAN1" in filled.ledger.note()
    with pytest.raises(SpecError, match="absent='no'"):
        read_filled(path, form, absent="no")


@pytest.mark.parametrize("kind", ["csv", "xlsx", "frame"])
def test_a_block_of_another_store_is_no_answer(kind, tmp_path):
    """Rows are counted as a spreadsheet does: the heading is row 1."""
    stores = tuple(Choice(code, code) for code in ("S1", "S2"))
    blocks = tuple(Choice(f"{code}-{k}", f"{code} {k}", within=code) for code in ("S1", "S2") for k in (1, 2))
    form = Questionnaire("f", "1", "F", (Section("s", "S", (
        Question("store", "single", "Store", choices=stores),
        Question("block", "single", "Block", choices=blocks, filter_by="store"),
    )),))  # fmt: skip
    rows = pd.DataFrame(
        {"store": ["S1", "S2", "S2", None], "block": ["S1-1", "S1-2", "S2-1", "S2-1"], "_uuid": list("abcd")}
    )
    source = rows if kind == "frame" else tmp_path / f"export.{kind}"
    if kind == "csv":
        rows.to_csv(source, index=False)
    if kind == "xlsx":
        rows.to_excel(source, index=False)
    with pytest.raises(DataError, match=r"block: belongs to 'S1', not to store 'S2': 'S1-2' \(row 3\)") as caught:
        read_filled(source, form)
    assert caught.value.cases[["row", "column", "value"]].to_numpy().tolist() == [[3, "block", "S1-2"]]
    filled = read_filled(source, form, faults="set aside")
    assert filled.frame["block"].fillna("").tolist() == ["S1-1", "", "S2-1", "S2-1"]
    assert (filled.ledger.count("set aside"), filled.ledger.adds_up()) == (1, True)


# --- sections asked several times --------------------------------------------------------------------------


def test_repeats_join_their_interviews(tmp_path):
    main = kobo_rows(**{"rating/P_1": [4, 5, 3], "ending/outcome": [110, 211, 110]})
    calls = pd.DataFrame({"calls/topic": ["bill", "plan", "phone"], "calls/length": [3, 4.5, 2], "_index": [1, 2, 3],
                          "_parent_table_name": "visit", "_parent_index": [1, 2, 3], "_submission__uuid": ["u0", "u1", "u2"]})  # fmt: skip
    book = write_book(tmp_path / "visit.xlsx", {"visit": main, "calls": calls})
    filled = read_filled(book, SMALL)
    told = filled.repeats["calls"]
    assert told[["_id", "topic", "length", "_parent_row", "_row"]].to_numpy().tolist() == [
        ["u0", "bill", 3, 2, 2],
        ["u2", "phone", 2, 4, 4],
    ]
    assert told["_id"].tolist() == filled.frame["_id"].tolist()
    by_index = calls.drop(columns="_submission__uuid")
    assert read_filled(main, SMALL, repeats={"calls": by_index}).repeats["calls"]["topic"].tolist() == ["bill", "phone"]
    central = pd.DataFrame({"topic": ["bill"], "length": [3], "PARENT_KEY": ["u2"], "KEY": ["u2/calls[1]"]})
    keyed = main.rename(columns={"_uuid": "KEY"}).drop(columns="_index").assign(SubmissionDate="x")
    assert read_filled(keyed, SMALL, repeats={"calls": central}).repeats["calls"]["_id"].tolist() == ["u2"]


def test_a_repeat_without_interview_is_an_error():
    lost = pd.DataFrame({"topic": ["bill"], "length": [3], "_parent_index": [9]})
    with pytest.raises(DataError, match="belong to no interview of the file") as caught:
        read_filled(kobo_rows(P_1=[4]), SMALL, repeats={"calls": lost})
    assert caught.value.cases["row"].tolist() == [2]
    with pytest.raises(DataError, match="nothing says to which interview"):
        read_filled(kobo_rows(P_1=[4]), SMALL, repeats={"calls": lost[["topic"]].assign(_index=1)}, form_of="xlsform")
    with pytest.raises(SpecError, match="repeats names 'call'"):
        read_filled(kobo_rows(P_1=[4]), SMALL, repeats={"call": lost})


# --- what can't be decided ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "tool"),
    [
        (["start", "end", "_uuid", "P_1"], "xlsform"),
        (["SubmissionDate", "P_1", "KEY"], "xlsform"),
        (["序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP", "1、门店"], "wjx"),
        (["id", "submitdate", "lastpage", "startlanguage", "seed", "P1"], "limesurvey"),
        (["Response ID", "Date submitted", "Last page", "Start language", "P1"], "limesurvey"),
        (["答复ID", "提交日期", "最后一页", "起始语言", "P1"], "limesurvey"),
        (["StartDate", "EndDate", "Status", "RecordedDate", "ResponseId", "Q1"], "qualtrics"),
    ],
)
def test_the_tool_is_told_by_the_columns(columns, tool):
    assert recognise(columns, "file.csv") == tool


def test_unknown_and_mixed_files_are_refused():
    with pytest.raises(DataError, match="those of no export that is known here"):
        read_filled(pd.DataFrame({"a": [1], "P_1": [4]}), SMALL)
    with pytest.raises(DataError, match="those of xlsform and wjx"):
        read_filled(pd.DataFrame({"_uuid": [1], "序号": [1], "所用时间": [2], "P_1": [4]}), SMALL)
    assert read_filled(pd.DataFrame({"a": [1], "P_1": [4]}), SMALL, form_of="xlsform").unknown == ("a",)
    with pytest.raises(SpecError, match="form_of='kobo' is not known"):
        read_filled(pd.DataFrame({"P_1": [4]}), SMALL, form_of="kobo")
    with pytest.raises(SpecError, match="is no Questionnaire"):
        read_filled(pd.DataFrame({"P_1": [4]}), load_instrument("servqual-22"))
    with pytest.raises(DataError, match="no column 'tier'"):
        read_filled(kobo_rows(P_1=[4]), SMALL, keep=["tier"])
    with pytest.raises(SpecError, match="never carried along"):
        read_filled(kobo_rows(P_1=[4], deviceid=["x"]), SMALL, keep=["deviceid"])


def test_two_columns_for_one_question_are_an_error():
    with pytest.raises(DataError, match="'about/store' and 'other/store' are both 'store'") as caught:
        read_filled(kobo_rows(**{"P_1": [4], "about/store": ["S1"], "other/store": ["S2"]}), SMALL)
    assert caught.value.cases["column"].tolist() == ["about/store", "other/store"]
    twice = pd.DataFrame([["u0", 4, 5]], columns=["_uuid", "P_1", "P_1"])
    with pytest.raises(DataError, match="'P_1' occurs more than once"):
        read_filled(twice, SMALL)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["xlsx", "csv", "frame"])
def test_labels_without_groups_are_refused_with_a_remedy(tmp_path, language, kind):
    """Expectation and perception of an item have the same words; without groups nothing tells their columns apart."""
    form = load_instrument("servqual-22").questionnaire()
    labels = [say(question.label, language) for question in form.questions]
    frame = pd.DataFrame([[5] * len(labels) + ["u0", 1]], columns=[*labels, "_uuid", "_index"])
    path = tmp_path / f"kobo.{kind}"
    if kind == "xlsx":
        frame.to_excel(path, index=False)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    with pytest.raises(DataError, match="group names in the headings, or with values and names") as caught:
        read_filled(frame if kind == "frame" else path, form)
    assert f"'{labels[0]}' may be E_TAN1 or P_TAN1" in str(caught.value)
    cases = caught.value.cases
    assert len(cases) == 44
    assert cases.loc[cases["column"] == labels[3], "value"].tolist() == ["E_TAN4 or P_TAN4"] * 2


def test_the_same_words_in_another_number_are_not_guessed():
    """Expectations alone came back by their words: nothing says that they are not the perceptions."""
    form = load_instrument("servqual-22").questionnaire(forms=["expectation", "perception"])
    labels = [say(question.label, "en") for question in form.questions[:22]]
    frame = pd.DataFrame(
        {"序号": [1], "所用时间": ["60秒"], **{f"{k}、{label}": [4] for k, label in enumerate(labels, 1)}}
    )
    with pytest.raises(DataError, match="may answer several questions") as caught:
        read_filled(frame, form)
    assert caught.value.cases.loc[0, "value"] == "E_TAN1 or P_TAN1"
    leads = [say(form.section_of("E_TAN1").lead, "en")] * 22
    stems = pd.DataFrame({"序号": [1], "所用时间": ["60秒"],
                          **{f"1、{lead}—{label}": [4] for lead, label in zip(leads, labels, strict=True)}})  # fmt: skip
    filled = read_filled(stems, form, absent="accept")  # the stem of the matrix says it
    assert filled.frame.filter(like="E_").shape[1] == 22
    assert "P_TAN1" in filled.absent


def test_further_columns_can_be_carried_along():
    filled = read_filled(kobo_rows(P_1=[4, 5]).assign(tier=["core", "first"], note=["x", "y"]), SMALL, keep=["tier"])
    assert filled.frame["tier"].tolist() == ["core", "first"]
    assert filled.unknown == ("note",)


def test_the_source_is_left_alone(tmp_path):
    frame = kobo_rows(P_1=[4, 9])
    before = frame.copy(deep=True)
    read_filled(frame, SMALL, faults="set aside")
    pd.testing.assert_frame_equal(frame, before)


def test_durations_as_tools_write_them():
    told = {
        "123秒": 123,
        "2分5秒": 125,
        "1小时2分3秒": 3723,
        "00:02:05": 125,
        "95": 95,
        95.5: 95.5,
        "": np.nan,
        "soon": np.nan,
    }
    for cell, seconds in told.items():
        np.testing.assert_equal(seconds_of(cell), float(seconds))


def test_it_shows_itself():
    filled = read_filled(kobo_rows(P_1=[4, 5], colour=["red", "blue"]), SMALL, language="zh")
    assert isinstance(filled, Filled)
    assert repr(filled).startswith("<Filled data frame: n = 2, xlsform, no column answers store, bought, ")
    assert repr(read_filled(kobo_rows(P_1=[4]), ROUTED_FREE)) == "<Filled data frame: n = 1, xlsform>"
    assert "文件中没有以下题目的列：store、bought、" in filled.ledger.note()
    assert "No column answers: store, bought, " in filled.ledger.in_language("en").note()
    assert "No column" not in read_filled(kobo_rows(P_1=[4]), ROUTED_FREE).ledger.note()
    assert "表单回收台账" in filled.ledger.title()
    assert filled.sentence("zh").startswith("data frame 按 KoboToolbox 或 ODK 导出文件读取：共 2 行，保留 2 行。")
    assert "未对应题目的列（未保留）：colour。" in filled.sentence("zh")
    assert "2 rows, 2 kept." in filled.sentence()
