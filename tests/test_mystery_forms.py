"""The inspectors' form: written for tablet and paper, filled in, and read back into what `read_visits` takes, in both languages.

The filled exports are made here, after the form that pyxform makes of the XLSForm and the format that KoboToolbox and ODK
document; the paper's codes are read out of the Word file itself.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from servqual.mystery.checklist import Checklist, available_checklists, load_checklist
from servqual.mystery.field import NOT_APPLICABLE_WORDS, form_code, read_shopper_forms, write_shopper_forms
from servqual.mystery.visits import MODES, SCENARIOS, read_visits
from survey_design.errors import DataError, SpecError
from survey_design.questionnaire import Question, Questionnaire

pyxform = pytest.importorskip("pyxform.xls2xform")
docx = pytest.importorskip("docx")

N = 6
STORES = {"S001": {"en": "Main Street", "zh": "中山路店"}, "S002": {"en": "Station", "zh": "火车站店"}}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
FIRST = ("visit", "store", "date", "inspector", "mode", "scenario")


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """The files of both shipped checklists, written once."""
    folder = tmp_path_factory.mktemp("forms")
    return {name: write_shopper_forms(load_checklist(name), folder, stores=STORES) for name in available_checklists()}


@pytest.fixture(scope="module")
def paths(forms: dict[str, dict[str, Path]]) -> dict[str, dict[str, list[str]]]:
    """Checklist -> column -> its groups and name in the form that pyxform makes."""
    found = {}
    for name, files in forms.items():
        form = pyxform.convert(io.BytesIO(files["xlsform"].read_bytes()), file_type=".xlsx", validate=False).xform
        binds = ET.fromstring(form).iter("{http://www.w3.org/2002/xforms}bind")
        nodes = [bind.get("nodeset").split("/")[2:] for bind in binds]
        found[name] = {parts[-1]: parts for parts in nodes}
    return found


def answered(checklist: Checklist, form: Questionnaire, seed: int) -> pd.DataFrame:
    """Invented answers to a form, "not applicable" among them; every column of the form."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "visit": [f"V{k:02d}" for k in range(N)],
            "store": rng.choice(list(STORES), N),
            "date": [f"2026-03-{day:02d}" for day in rng.integers(1, 28, N)],
            "inspector": [f"I{k}" for k in range(N)],
            "mode": ["covert", "overt"] * (N // 2),
            "scenario": rng.choice(list(SCENARIOS), N),
            "time_in": ["10:05"] * N,
            "time_out": ["10:35"] * N,
            "devices": [2] * N,
            "exposed": [0, None] * (N // 2),
        },
        dtype=object,
    )
    for item in checklist.items:
        values = list(item.values) or [0, 1, 2, item.maximum]
        frame[item.id] = [rng.choice(values) for _ in range(N)]
        frame.loc[rng.integers(0, N), item.id] = form_code(checklist)
    for column in form.columns:
        if column not in frame:
            frame[column] = {"minutes": 20, "photos": 5}.get(column, "柜台无人 nobody there")
    return frame[list(form.columns)]


def words_of(question: Question, value: object, language: str) -> object:
    for option in question.options:
        if option.value == value:
            return option.label[language]
    return value


def kobo(
    form: Questionnaire, paths: dict[str, list[str]], answers: pd.DataFrame, folder: Path, language: str = ""
) -> Path:
    """KoboToolbox: groups before names, values; or, in a language, the words of questions and answers."""
    frame = pd.DataFrame({"start": ["2026-03-02T10:00:00.000+08:00"] * N, "end": ["2026-03-02T10:07:30.000+08:00"] * N})
    for parts in paths.values():
        column = parts[-1]
        if column not in answers:
            continue
        question = next(each for each in form.questions if column in each.columns)
        if not language or column != question.name:
            frame["/".join(parts)] = answers[column]
            continue
        section = form.section_of(question.name)
        heading = "/".join([section.label[language], question.label[language]])
        frame[heading] = [words_of(question, value, language) for value in answers[column]]
    tail = {"_id": range(500, 500 + N), "_uuid": [f"u{k}" for k in range(N)], "_submission_time": "2026-03-02T02:08:00",
            "_validation_status": "", "_status": "submitted_via_web", "__version__": "v1", "_index": range(1, N + 1)}  # fmt: skip
    path = folder / f"kobo{language}.xlsx"
    frame.assign(**tail).to_excel(path, index=False)
    return path


# --- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", available_checklists())
def test_the_form_asks_the_visit_then_every_item_in_the_order_of_the_categories(name):
    checklist = load_checklist(name)
    form = checklist.questionnaire(stores=STORES)
    assert form.columns[: len(FIRST)] == FIRST
    asked = [column for column in form.columns if column in checklist.columns]
    by_category = [
        item.id
        for category in checklist.categories
        for each in checklist.indicators_of(category.id)
        for item in checklist.items_of(each.id)
    ]
    assert asked == by_category
    assert sorted(asked) == sorted(checklist.columns)
    before = form.columns.index(asked[0])
    assert {"time_in", "time_out", "devices", "exposed"} < set(form.columns[:before])
    for item in checklist.items:
        question = form.question(item.id)
        assert question.dont_know[0] == -8
        assert question.maximum == item.maximum
        if item.type in ("yes_no", "graded"):
            assert set(question.codes) == {*item.values, -8}
        if item.veto:
            assert f"{item.id}_note" in form.columns
        if "photos" in item.evidence:
            assert f"{item.id}_photo" in form.columns


def test_the_visit_is_asked_for_the_evidence_that_the_checklist_wants():
    checklist = load_checklist("telecom-store")
    asked = checklist.questionnaire().section_of("minutes").questions
    assert [question.name for question in asked] == ["minutes", "photos", "problems"]
    assert asked[0].hint == {"en": "At least 15.", "zh": "不少于 15。"}
    without = replace(checklist, evidence={}).questionnaire()
    assert "visit_evidence" not in [section.name for section in without.sections]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_form_in_one_language(language):
    checklist = replace(load_checklist("home-installation"), languages=(language,), language=language)
    form = checklist.questionnaire()
    assert form.languages == (language,)
    assert form.shown == language


def test_without_a_number_for_not_applicable_there_is_no_form():
    checklist = replace(load_checklist("telecom-store"), not_applicable=("NA", "不适用"))
    with pytest.raises(SpecError, match="declares no number below 0"):
        checklist.questionnaire()


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", available_checklists())
def test_all_files_are_written(forms, name):
    assert set(forms[name]) == {"xlsform", "word_en", "word_zh", "word_both", "codebook"}
    assert all(path.stat().st_size > 1000 for path in forms[name].values())


@pytest.mark.parametrize("name", available_checklists())
def test_the_tablet_form_says_every_item_in_both_languages(forms, paths, name):
    checklist = load_checklist(name)
    form = pyxform.convert(io.BytesIO(forms[name]["xlsform"].read_bytes()), file_type=".xlsx", validate=False).xform
    said = {" ".join(node.text.split()) for node in ET.fromstring(form).iter() if node.text}
    for item in checklist.items:
        assert item.id in paths[name]
        for language in ("en", "zh"):
            assert " ".join(item.text[language].split()) in said
            assert all(level.label[language] in said for level in item.levels)


def paper_lines(path: Path) -> list[str]:
    """The lines of a Word file in their order, those of its tables too."""
    body = docx.Document(str(path)).element.body
    space = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    return ["".join(text.text or "" for text in line.iter(f"{space}t")) for line in body.iter(f"{space}p")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_ticked_on_paper_is_what_read_visits_takes(forms, language):
    """The codes printed beside the boxes, typed as they stand under the names in the list of variables."""
    checklist = load_checklist("telecom-store")
    lines = paper_lines(forms["telecom-store"][f"word_{language}"])
    listed = pd.read_csv(forms["telecom-store"]["codebook"], encoding="utf-8-sig")["name"].tolist()
    typed: dict[str, list[object]] = {"visit": ["V1"], "store": ["S001"], "date": ["2026-03-02"], "mode": ["covert"]}
    worth = []
    for item in checklist.items:
        assert item.id in listed
        at = next(k for k, line in enumerate(lines) if item.text[language] in line)
        after = " ".join(lines[at + 1 : at + 8])
        if item.type in ("timed", "counted"):
            assert f"-8  {NOT_APPLICABLE_WORDS[language]}" in after
            assert item.unit[language] in after
            typed[item.id] = ["0"]
            worth.append(float(item.shares(0)))
        else:
            best = max(item.values, key=lambda value: float(item.shares(value)))
            words = item.values[best][language]
            code = re.search(rf"(-?\d+)\s+{re.escape(words)}", after)
            assert code, f"'{words}' has no code on paper"
            typed[item.id] = [code.group(1)]
            worth.append(1.0)
    visits = read_visits(pd.DataFrame(typed), checklist)
    np.testing.assert_allclose(visits.shares[list(checklist.columns)].to_numpy(float), [worth])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_paper_is_in_its_language(forms, language):
    for files in forms.values():
        text = "".join(paper_lines(files[f"word_{language}"]))
        share = len(CHINESE.findall(text)) / len(text)
        assert share == 0 if language == "en" else share > 0.3


# --- and back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", available_checklists())
@pytest.mark.parametrize("language", ["", "en", "zh"])
def test_checklist_form_export_visits(tmp_path, paths, name, language):
    """Checklist → form → filled export → visits with the shares of what was answered; no mapping anywhere."""
    checklist = load_checklist(name, language=language or "en")
    form = checklist.questionnaire(stores=STORES)
    answers = answered(checklist, form, seed=len(name))
    filled = read_shopper_forms(kobo(form, paths[name], answers, tmp_path, language), checklist, stores=STORES)
    assert filled.n == N
    assert filled.unknown == ()
    for column in (*FIRST, *checklist.columns):
        assert [str(value) for value in filled.frame[column]] == [
            str(value).removesuffix(".0") for value in answers[column]
        ]
    visits = read_visits(filled, checklist)
    expected = np.column_stack([item.shares(answers[item.id].to_numpy(float)) for item in checklist.items])
    np.testing.assert_allclose(visits.shares[list(checklist.columns)].to_numpy(float), expected)
    assert visits.ledger.count("not applicable") == int((answers[list(checklist.columns)] == -8).to_numpy().sum())
    assert visits.frame["mode"].tolist() == answers["mode"].tolist()
    assert visits.frame["scenario"].tolist() == answers["scenario"].tolist()


def test_characters_of_the_problems_are_counted(tmp_path, paths):
    checklist = load_checklist("telecom-store")
    form = checklist.questionnaire(stores=STORES)
    answers = answered(checklist, form, seed=3)
    answers["problems"] = ["", "柜台 无人", "a b", None, "x" * 81, "  "]
    filled = read_shopper_forms(kobo(form, paths["telecom-store"], answers, tmp_path), checklist, stores=STORES)
    np.testing.assert_equal(filled.frame["characters"].to_numpy(float), [np.nan, 4, 2, np.nan, 81, np.nan])


def test_answers_that_an_item_does_not_allow_are_named_with_their_rows(tmp_path, paths):
    checklist = load_checklist("telecom-store")
    form = checklist.questionnaire(stores=STORES)
    answers = answered(checklist, form, seed=4)
    answers.loc[2, "test_questions"] = 4
    answers.loc[4, "friendliness"] = 9
    with pytest.raises(DataError) as caught:
        read_shopper_forms(kobo(form, paths["telecom-store"], answers, tmp_path), checklist, stores=STORES)
    assert {
        (row, value) for row, value in zip(caught.value.cases["row"], caught.value.cases["value"], strict=True)
    } == {
        (4, 4),
        (6, 9),
    }


def test_words_of_modes_and_scenarios_are_those_of_the_visits():
    form = load_checklist("telecom-store").questionnaire()
    assert form.question("mode").codes == tuple(MODES)
    assert form.question("scenario").codes == tuple(SCENARIOS)
