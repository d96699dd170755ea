"""Forms for the field: the XLSForm as pyxform and ODK Validate read it, the paper as python-docx reads it, the list."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import numpy as np
import openpyxl
import pytest
from docx.oxml.ns import qn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from pyxform.xls2xform import convert

from servqual import available_instruments, load_instrument
from survey_design.errors import SpecError
from survey_design.forms import codebook, write_forms, write_lists, write_word, write_xlsform
from survey_design.forms.contacts import aapor_code
from survey_design.forms.paper import question_numbers
from survey_design.forms.word import add_heading, add_paragraph, add_table, new_document, page_width, save, wording
from survey_design.forms.xlsform import helper_names, xlsform_sheets
from survey_design.questionnaire import Choice, Condition, Question, Questionnaire, Scale, Section

LANGUAGES = {"en": "English (en)", "zh": "中文 (zh)"}
NS = {"x": "http://www.w3.org/2002/xforms", "h": "http://www.w3.org/1999/xhtml"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def two(en, zh):
    return {"en": en, "zh": zh}


def choices(*values):
    return tuple(Choice(value, two(f"word {value}", f"词{value}")) for value in values)


DONT_KNOW = two("Don't know", "不知道")

# One question of every kind, routing of every kind, a section asked several times.
EVERYTHING = Questionnaire(
    "everything",
    "2",
    two("Everything", "全部题型"),
    (
        Section(
            "visit",
            two("Visit", "到店"),
            (
                Question("day", "date", two("Which day?", "哪一天？"), required=True),
                Question("bought", "yes_no", two("Bought?", "买了吗？"), dont_know=(9, DONT_KNOW), required=True),
                Question("wait", "timed", two("Waited?", "等了多久？"), minimum=0, maximum=90, unit=two("minutes", "分钟"),
                         dont_know=(99, DONT_KNOW)),
                Question("visits", "counted", two("Visits?", "几次？"), relevant=Condition("wait", low=10)),
                Question("paid", "number", two("Paid?", "付了多少？"), minimum=-5, hint=two("In yuan.", "单位：元。")),
                Question("wares", "multiple", two("What?", "什么？"), choices=choices("phone", "case", "card"),
                         dont_know=(99, DONT_KNOW), show_card="W"),
                Question("why", "text", two("Why a phone?", "为什么买手机？"), relevant=Condition("wares", ("phone",))),
                Question("town", "single", two("Town?", "城市？"), choices=choices(*range(1, 31))),
                Question("thanks", "note", two("Thank you.", "谢谢。")),
            ),
            lead=two("Your visit today", "您今天的到访"),
        ),
        Section(
            "rated",
            two("Ratings", "评分"),
            (
                *(Question(f"R{k}", "graded", two(f"Aspect {k}", f"方面{k}"), scale=Scale(1, 5, two("bad", "差"), two("good", "好")),
                           dont_know=(99, DONT_KNOW), required=True) for k in range(1, 20)),
                Question("nps", "graded", two("Recommend?", "推荐？"), scale=Scale(0, 10), evidence=("note",)),
                Question("low", "text", two("Why so low?", "为何较低？"), relevant=Condition("nps", high=6)),
            ),
            relevant=Condition("bought", (1,)),
        ),
        Section("points", two("Points", "分数"), (
            Question("share", "points", two("Share out", "请分配"), choices=choices("s_a", "s_b", "s_c")),)),
        Section("staff", two("Staff met", "遇到的员工"), (
            Question("polite", "yes_no", two("Polite?", "礼貌吗？"), evidence=("photo", "audio")),
            Question("badge", "evidence", two("Badge", "工牌"), evidence=("photo",))), repeat=True),
    ),
    intro=two("Good day.", "您好。"),
    consent=two("May I ask you?", "可以提问吗？"),
)  # fmt: skip

FORMS = {
    "everything": EVERYTHING,
    "exit": load_instrument("retail-13").questionnaire(
        intercept=True, importance=True, stores={"S1": "One", "S2": "二店"}
    ),
    **{name: load_instrument(name).questionnaire(importance=True) for name in available_instruments()},
}


def form(*questions, languages=("en", "zh"), **more):
    return Questionnaire("f", "1", "Form", (Section("s", "Section", questions),), languages=languages, **more)


class XForm:
    """What a server makes of an XLSForm, as the tablet will read it."""

    def __init__(self, path, *, validate=False):
        self.converted = convert(str(path), validate=validate)
        self.tree = etree.fromstring(self.converted.xform.encode())

    def texts(self, language):
        """Label id -> words in one language."""
        found = self.tree.findall(f".//x:translation[@lang='{LANGUAGES[language]}']/x:text", NS)
        return {each.get("id"): "".join(each.find("x:value", NS).itertext()) for each in found}

    def control(self, name):
        (found,) = [each for each in self.tree.iterfind(".//h:body//*[@ref]", NS)
                    if each.get("ref").split("/")[-1] == name and each.tag.split("}")[1] != "group"]  # fmt: skip
        return found

    def bind(self, name):
        (found,) = [each for each in self.tree.iterfind(".//x:bind", NS) if each.get("nodeset").split("/")[-1] == name]
        return found

    def label(self, name, language):
        reference = self.control(name).find("x:label", NS).get("ref")
        return self.texts(language)[re.fullmatch(r"jr:itext\('(.+)'\)", reference)[1]]


# --- the XLSForm -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_pyxform_converts_the_form_without_a_warning_and_every_question_is_there_in_both_languages(name, tmp_path):
    questionnaire = FORMS[name]
    xform = XForm(write_xlsform(questionnaire, tmp_path / "form.xlsx"))
    assert xform.converted.warnings == []
    texts = {language: xform.texts(language) for language in LANGUAGES}
    for question in questionnaire.questions:
        for language in LANGUAGES:
            if question.kind == "points":
                for choice in question.choices:
                    assert xform.label(choice.value, language) == choice.label[language]
            else:
                assert xform.label(question.name, language) == question.label[language]
    for language in LANGUAGES:
        assert not [key for key, words in texts[language].items() if words == "-"], "no text is left without words"
    for column in questionnaire.columns:
        assert xform.bind(column) is not None
    assert xform.tree.find(".//x:translation[@default='true()']", NS).get("lang") == LANGUAGES["en"]


@pytest.mark.skipif(shutil.which("java") is None, reason="ODK Validate runs on Java")
def test_odk_validate_accepts_a_form_with_every_kind_of_question(tmp_path):
    path = write_xlsform(EVERYTHING, tmp_path / "form.xlsx")
    assert XForm(path, validate=True).converted.warnings == []


def test_kinds_become_the_types_of_the_tablet(tmp_path):
    xform = XForm(write_xlsform(EVERYTHING, tmp_path / "form.xlsx"))
    types = {"day": "date", "wait": "decimal", "visits": "int", "paid": "decimal", "why": "string", "bought": "string",
             "s_a": "int", "polite_photo": "binary", "polite_audio": "binary", "nps_note": "string", "badge": "binary"}  # fmt: skip
    assert {name: xform.bind(name).get("type") for name in types} == types
    assert xform.control("wares").tag.endswith("}select")
    assert xform.control("bought").tag.endswith("}select1")
    assert xform.control("R1").get("appearance") == "likert"
    assert xform.control("nps").get("appearance") == "columns-pack"
    assert xform.control("town").get("appearance") == "minimal autocomplete"
    assert xform.control("polite_photo").get("mediatype") == "image/*"
    (repeat,) = xform.tree.iterfind(".//x:repeat", NS)
    assert repeat.get("nodeset") == "/data/staff"


def test_settings_and_metadata(tmp_path):
    path = write_xlsform(EVERYTHING.in_language("zh"), tmp_path / "form.xlsx")
    sheet = openpyxl.load_workbook(path)["settings"]
    header, values = ([cell.value for cell in row] for row in sheet.iter_rows())
    assert dict(zip(header, values, strict=True)) == {
        "form_title": "全部题型", "form_id": "everything", "version": "2", "default_language": "中文 (zh)", "style": "pages",
    }  # fmt: skip
    xform = XForm(path)
    (root,) = xform.tree.iterfind(".//x:instance/x:data", NS)
    assert (root.get("id"), root.get("version")) == ("everything", "2")
    assert xform.tree.find(".//x:translation[@default='true()']", NS).get("lang") == "中文 (zh)"


def test_graded_questions_come_in_screens_of_at_most_eight_under_their_lead(tmp_path):
    xform = XForm(write_xlsform(FORMS["servqual-22"], tmp_path / "form.xlsx"))
    pages = [
        each
        for each in xform.tree.iterfind(".//x:group[@appearance='field-list']", NS)
        if each.find("x:select1", NS) is not None
    ]
    assert [len(page.findall("x:select1", NS)) for page in pages] == [7, 8, 7, 7, 8, 7, 3]
    for page, start in zip(
        pages[:6], ("Think of a service company",) * 3 + ("Now think of the company",) * 3, strict=True
    ):
        reference = page.find("x:input/x:label", NS).get("ref")
        assert xform.texts("en")[reference[len("jr:itext('") : -2]].startswith(start)


def test_routing_reaches_the_tablet(tmp_path):
    xform = XForm(write_xlsform(EVERYTHING, tmp_path / "form.xlsx"))
    squeezed = {
        name: re.sub(r"\s+", " ", xform.bind(name).get("relevant")) for name in ("visits", "why", "low", "rated")
    }
    assert squeezed == {
        "visits": " /data/visit/wait != '' and /data/visit/wait >= 10 and /data/visit/wait != 99",
        "why": "selected( /data/visit/wares , 'phone')",
        "low": " /data/rated/rated_page3/nps != '' and number( /data/rated/rated_page3/nps ) <= 6",
        "rated": " /data/visit/bought = '1'",
    }


def test_points_must_sum_to_their_total_and_the_rest_is_shown(tmp_path):
    xform = XForm(write_xlsform(EVERYTHING, tmp_path / "form.xlsx"))
    assert "= 100" in xform.bind("s_c").get("constraint")
    assert "coalesce( /data/points/share/s_a , 0)" in xform.bind("share_left").get("calculate")
    message = xform.bind("s_c").get("{http://openrosa.org/javarosa}constraintMsg")
    key = re.fullmatch(r"jr:itext\('(.+)'\)", message)[1]
    assert xform.texts("en")[key] == "The parts must sum to 100."
    assert xform.texts("zh")[key] == "各部分之和必须等于 100。"


def holds(rule, value, others=None):
    """A rule of the survey sheet worked out by Python: an opinion on it that doesn't come from our code."""
    text = re.sub(r"coalesce\(\$\{(\w+)\}, 0\)", lambda match: str((others or {}).get(match[1]) or 0), rule)
    text = re.sub(r"(?<![\w.])\.(?!\d)", f"({value})", text).replace(" = ", " == ")
    assert re.fullmatch(r"[-\d.()+<>=! ]|(?:[-\d.()+<>=! ]|and|or)+", text), text
    return eval(text)


@given(st.lists(st.integers(0, 100), min_size=3, max_size=3) | st.permutations([20, 30, 50]))
@settings(max_examples=100, deadline=None)
def test_the_rule_of_points_holds_exactly_where_they_sum_to_a_hundred(parts):
    rows = {row["name"]: row for row in SHEETS["survey"]}
    names = ("s_a", "s_b", "s_c")
    assert holds(rows["s_c"]["constraint"], parts[2], dict(zip(names, parts, strict=True))) == (sum(parts) == 100)
    assert holds(rows["s_a"]["constraint"], parts[0])
    assert not holds(rows["s_a"]["constraint"], -1)
    assert not holds(rows["s_b"]["constraint"], 101)


SHEETS = xlsform_sheets(EVERYTHING)


@pytest.mark.parametrize(("name", "right", "wrong"), [
    ("wait", (0, 45, 90, 99), (-1, 91, 100)), ("visits", (0, 7), (-1,)), ("paid", (-5, 0, 1e6), (-6,)),
])  # fmt: skip
def test_bounds_and_the_code_for_dont_know_are_kept(name, right, wrong):
    row = next(row for row in SHEETS["survey"] if row["name"] == name)
    assert all(holds(row["constraint"], value) for value in right)
    assert not any(holds(row["constraint"], value) for value in wrong)


def test_messages_say_the_bounds_in_both_languages():
    row = next(row for row in SHEETS["survey"] if row["name"] == "wait")
    assert row["constraint_message::English (en)"] == "Enter a number from 0 to 90, or 99 for 'Don't know'."
    assert row["constraint_message::中文 (zh)"] == "请输入 0 至 90 之间的数；不知道填 99。"
    assert row["required_message::中文 (zh)"] == ""
    assert (
        next(row for row in SHEETS["survey"] if row["name"] == "day")["required_message::中文 (zh)"] == "请回答这一题。"
    )


def test_dont_know_is_a_choice_of_its_own_and_stands_alone():
    lists = {}
    for row in SHEETS["choices"]:
        lists.setdefault(row["list_name"], []).append((row["name"], row["label::中文 (zh)"]))
    assert lists["R1_answers"] == [
        ("1", "1 – 差"),
        ("2", "2"),
        ("3", "3"),
        ("4", "4"),
        ("5", "5 – 好"),
        ("99", "不知道"),
    ]
    assert lists["bought_answers"] == [("1", "是"), ("0", "否"), ("9", "不知道")]
    row = next(row for row in SHEETS["survey"] if row["name"] == "wares")
    assert row["constraint"] == "not(selected(., '99') and count-selected(.) > 1)"
    assert row["hint::English (en)"] == "Show card W."


def test_names_without_answers_are_listed_and_the_rest_are_the_columns():
    names = [row["name"] for row in SHEETS["survey"] if row["name"]]
    helpers = helper_names(EVERYTHING)
    assert {"start", "end", "visit", "visit_lead", "share", "share_left", "rated_page1", "thanks"} <= set(helpers)
    assert [name for name in names if name not in helpers] == list(EVERYTHING.columns)


def test_a_name_that_a_note_would_take_is_left_to_the_question(tmp_path):
    questions = (Question("s_lead", "text", "Lead?"), Question("intro", "text", "Intro?"))
    questionnaire = Questionnaire("f", "1", "F", (Section("s", "S", questions, lead="Read this"),), intro="Hello")
    assert set(helper_names(questionnaire)) == {"start", "end", "intro_1", "s", "s_lead_1"}
    assert XForm(write_xlsform(questionnaire, tmp_path / "form.xlsx")).converted.warnings == []


HOSTILE = ["=1+1", "=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "#N/A", "TRUE", "007", "<b>bold</b> & 'quoted' \"text\"",
           "line\nbreak", "  spaces  ", "$ {a}", "{a}", "\\n", "👍", "]]>"]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_a_text_stays_that_text_in_the_workbook_on_the_tablet_and_on_paper(words, tmp_path):
    questionnaire = form(Question("q", "single", words, choices=(Choice("a", words), Choice("b", "other"))))
    path = write_xlsform(questionnaire, tmp_path / "form.xlsx")
    cells = [cell for row in openpyxl.load_workbook(path)["survey"].iter_rows() for cell in row if cell.value == words]
    assert [cell.data_type for cell in cells] == ["s", "s"], "a text in both languages, no formula, number or error"
    assert XForm(path).label("q", "en").split() == words.split()
    document = docx.Document(write_word(questionnaire, tmp_path / "form.docx", language="en"))
    assert any(words in paragraph.text for paragraph in document.paragraphs)


letters = st.sampled_from("abcdefXYZ_0189-.é服务质量")
names = st.text(letters, min_size=1, max_size=20).filter(lambda text: text[0].isalpha())


@given(st.lists(names, min_size=1, max_size=6, unique_by=str.casefold))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_name_that_is_accepted_comes_back_from_the_tablet(tmp_path, listed):
    listed = [f"Q{name}" for name in listed]
    questionnaire = form(*(Question(name, "yes_no", name) for name in listed))
    xform = XForm(write_xlsform(questionnaire, tmp_path / "form.xlsx"))
    (root,) = xform.tree.iterfind(".//x:instance/x:data/x:s", NS)
    assert [etree.QName(each).localname for each in root] == listed
    assert questionnaire.variables()["name"].tolist() == listed


def test_what_pyxform_would_refuse_is_refused_before_a_file_appears(tmp_path, monkeypatch):
    import survey_design.forms.xlsform as module

    broken = {**xlsform_sheets(EVERYTHING), "choices": [{"list_name": "none", "name": "1", "label": "x"}]}
    monkeypatch.setattr(module, "xlsform_sheets", lambda questionnaire: broken)
    with pytest.raises(SpecError, match=r"'form\.xlsx' would be refused by KoboToolbox and ODK: "):
        write_xlsform(EVERYTHING, tmp_path / "form.xlsx")
    assert list(tmp_path.iterdir()) == []


# --- the paper ---------------------------------------------------------------------------------------------


def printed(path):
    """All texts of a document in their order: paragraphs, and rows of tables."""
    document = docx.Document(path)
    texts = []
    for part in document.iter_inner_content():
        if hasattr(part, "rows"):
            texts += ["\t".join(cell.text for cell in row.cells) for row in part.rows]
        else:
            texts.append(part.text)
    return document, texts


@pytest.mark.parametrize("name", ["everything", "exit", "servqual-22", "tolerance-22"])
@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_every_question_is_printed_with_its_number_and_answers(name, language, tmp_path):
    questionnaire = FORMS[name]
    texts = printed(write_word(questionnaire, tmp_path / "form.docx", language=language))[1]
    whole = "\n".join(texts)
    for question_name, number in question_numbers(questionnaire).items():
        question = questionnaire.question(question_name)
        label = wording(question.label, language)
        joined = wording(question.label, language, between=" ")
        graded = question.kind == "graded" and any(text.startswith(f"{number}\t{label}\t") for text in texts)
        assert graded or f"{number}.  {label}" in whole or f"{number}.  {joined}" in whole, question_name
        for option in question.options if question.kind in ("single", "multiple", "yes_no") else ():
            if len(question.options) > 12:
                continue  # in a file of its own
            words = wording(option.label, language, between=" ")
            if question.name == "disposition":
                number = aapor_code(option.value)
                words = " ".join(wording(option.label, each).removeprefix(f"{number} ") for each in
                                 (("en", "zh") if language == "both" else (language,)))  # fmt: skip
                assert f"□ {number}  {words}" in whole
                continue
            written = f"□ {option.value}  {words}" if isinstance(option.value, int) else f"□ {words}"
            assert written in whole, (question.name, option)
    if language == "en":
        assert not CHINESE.search(whole.replace("二店", ""))
    if language == "zh":
        assert "Don't know" not in whole


def test_codes_stand_in_the_grid_and_its_heading_says_what_they_mean(tmp_path):
    document, _ = printed(write_word(FORMS["servqual-22"], tmp_path / "form.docx", language="both"))
    grid = next(table for table in document.tables if len(table.rows) == 23)
    heading, first = ([cell.text for cell in row.cells] for row in grid.rows[:2])
    assert heading[1] == "1 = Disagree completely  …  7 = Agree completely\n1 = 完全不同意  …  7 = 完全同意"
    assert heading[2:] == [*"1234567", "Don't know\n不知道"]
    assert first[0] == "1"
    assert first[2:] == [*"1234567", "99"]
    assert grid.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None, "the heading comes again on every page"
    width = sum(column.width.cm for column in grid.columns)
    assert width == pytest.approx(page_width(), abs=0.05)


def test_routing_is_said_in_words(tmp_path):
    english = printed(write_word(EVERYTHING, tmp_path / "en.docx", language="en"))[1]
    numbers = question_numbers(EVERYTHING)
    assert f"► Ask only if question {numbers['wait']} is 10 or more." in english
    assert f"► Ask this part only if question {numbers['bought']} is 'Yes'." in english
    assert f"► If '7' or '8' or '9' or '10': go to question {numbers['share']}." in english
    chinese = printed(write_word(EVERYTHING, tmp_path / "zh.docx", language="zh"))[1]
    assert f"► 仅当第 {numbers['wait']} 题不低于 10 时询问。" in chinese
    assert f"► 仅当第 {numbers['bought']} 题为“是”时询问本部分。" in chinese
    assert f"► 若回答“7”或“8”或“9”或“10”：跳至第 {numbers['share']} 题。" in chinese
    exits = printed(write_word(FORMS["exit"], tmp_path / "exit.docx", language="en"))[1]
    last = question_numbers(FORMS["exit"])["disposition"]
    assert f"► If 'No': thank the respondent and go to question {last}." in exits
    assert f"► If 'No' or 'Did not stop, not known': thank the respondent and go to question {last}." in exits


def test_show_cards_follow_and_long_lists_have_a_file_of_their_own(tmp_path):
    document, texts = printed(write_word(EVERYTHING, tmp_path / "form.docx", language="en"))
    headings = [each.text for each in document.paragraphs if each.style.name == "Heading 1"]
    assert headings == ["Show card W"]
    assert "► Show card W." in texts
    card = document.tables[-1]
    assert [cell.text for row in card.rows for cell in row.cells] == ["word phone", "word case", "word card"]
    assert not [text for text in texts if "word 30" in text], "no list of towns in every copy"
    assert "► Write the code from the tally sheet or the list of codes." in texts
    document, texts = printed(write_lists(EVERYTHING, tmp_path / "lists.docx", language="both"))
    assert texts[0] == "Codes: Everything\n编号表：全部题型"
    assert [each.text for each in document.paragraphs if each.style.name == "Heading 1"] == ["Town? 城市？"]
    assert [text for text in texts if "\t" in text][1:] == [f"{k}\tword {k} 词{k}" for k in range(1, 31)]
    with pytest.raises(SpecError, match="has no list of more than 12 choices"):
        write_lists(FORMS["servqual-22"], tmp_path / "none.docx")
    assert write_forms(EVERYTHING, tmp_path / "all")["lists"].name == "everything_lists.docx"


STORES = {f"S{k}": {"en": f"Store {k}", "zh": f"{k} 号店"} for k in range(1, 15)}


def with_blocks(n_stores=14, **more):
    """The form for the door with the blocks of a timetable, three to a store."""
    codes = list(STORES)[:n_stores]
    whole = load_instrument("retail-13").questionnaire(
        forms=["perception"], intercept=True, stores={code: STORES[code] for code in codes}, **more
    )
    block = Question("block", "single", two("Block", "时段"), required=True, filter_by="store", hint=two("As on the tally sheet.", "同计数表。"),
                     choices=tuple(Choice(f"{code}-{k}", f"{code} {k}", within=code) for code in codes for k in (1, 2, 3)))  # fmt: skip
    contact = whole.sections[0]
    questions = (*contact.questions[:2], block, *contact.questions[2:])
    return replace(whole, sections=(replace(contact, questions=questions), *whole.sections[1:]))


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_who_where_and_when_stand_in_the_boxes_without_a_number(language, tmp_path):
    questionnaire = with_blocks(company=two("Corner Bakery", "街角面包房"), title=two("Customer survey", "顾客调查"))
    document, texts = printed(write_word(questionnaire, tmp_path / "form.docx", language=language))
    assert question_numbers(questionnaire)["purchase"] == 1
    boxes = [cell.text for row in document.tables[0].rows for cell in row.cells]
    said = {"en": ["Interview number:", "Store (Its code", "Block (As on the tally sheet):", "Date (year / month / day):"],
            "zh": ["访问编号：", "门店（编号见计数表或编号表）：", "时段（同计数表）：", "日期（年 / 月 / 日）："],
            "both": ["Interview number 访问编号:", "Store 门店 (", "Block 时段 (As on the tally sheet 同计数表):"]}[language]  # fmt: skip
    said[1] = said[1].replace("Its code", "code from the tally sheet or list")
    for words in said:
        assert [box for box in boxes if box.startswith(words)], (words, boxes)
    assert not [text for text in texts if "S14-3" in text or "Store 14" in text]
    assert texts[0].splitlines()[0] == ("顾客调查" if language == "zh" else "Customer survey")
    assert ("街角面包房" if language == "zh" else "Corner Bakery") in texts[1]
    (settings_row,) = xlsform_sheets(questionnaire)["settings"]
    assert settings_row["form_title"] == "Corner Bakery · Customer survey"
    whole = "\n".join(texts)
    for code in ("18-29", "under_18", "female", "not_said", "ordinary"):
        assert code not in whole, "codes that are words are for the file"
    assert "18–29" in whole


def test_a_short_list_of_stores_stands_below_the_boxes(tmp_path):
    _, texts = printed(write_word(with_blocks(2), tmp_path / "form.docx", language="both"))
    assert "Store 门店: S1 = Store 1 1 号店; S2 = Store 2 2 号店" in texts
    assert "Block 时段: S1-1 = S1 1; S1-2 = S1 2; S1-3 = S1 3; S2-1 = S2 1; S2-2 = S2 2; S2-3 = S2 3" in texts


def test_the_list_of_blocks_says_their_stores(tmp_path):
    _, texts = printed(write_lists(with_blocks(), tmp_path / "lists.docx", language="en"))
    assert "Store\tCode\tBlock" in texts
    assert "S14 Store 14\tS14-3\tS14 3" in texts
    assert "S14\tStore 14" in texts


def test_the_tablet_offers_the_blocks_of_the_store_alone_and_refuses_any_other(tmp_path):
    """The rules as pyxform hands them to the tablet, worked out by libxml's XPath for every pair of store and block."""
    questionnaire = with_blocks(4)
    xform = XForm(write_xlsform(questionnaire, tmp_path / "form.xlsx"))
    assert xform.converted.warnings == []
    itemset = xform.control("block").find("x:itemset", NS).get("nodeset")
    steps = ("instance('block_answers')", "root", "item[within = ", "data", "contact", "store ]")
    assert re.sub(r"\s+", " ", itemset) == "/".join(steps)
    rule = xform.bind("block").get("constraint")
    items = etree.fromstring("<root>" + "".join(
        f"<item><name>{choice.value}</name><within>{choice.within}</within></item>" for choice in questionnaire.question("block").choices
    ) + "</root>")  # fmt: skip
    listed = xform.tree.findall(".//x:instance[@id='block_answers']/x:root/x:item", NS)
    assert [(each.find("x:name", NS).text, each.find("x:within", NS).text) for each in listed] == [
        (each.find("name").text, each.find("within").text) for each in items
    ]

    def worked_out(expression, store, block=""):
        for name, value in {"instance('block_answers')/root": "/root", "/data/contact/store": f"'{store}'",
                            "current()/.": f"'{block}'"}.items():  # fmt: skip
            expression = expression.replace(name, value)
        return items.getroottree().xpath(expression)

    for store in ("S1", "S2", "S3", "S4"):
        assert [each.find("name").text for each in worked_out(itemset, store)] == [f"{store}-{k}" for k in (1, 2, 3)]
        for choice in questionnaire.question("block").choices:
            assert worked_out(rule, store, choice.value) is (choice.within == store)
    message = xform.texts("zh")["/data/contact/block:jr:constraintMsg"]
    assert message == "该选项与前面的回答不对应。"


@pytest.mark.skipif(shutil.which("java") is None, reason="ODK Validate runs on Java")
def test_odk_validate_accepts_filtered_choices(tmp_path):
    questionnaire = with_blocks(2)
    contact = questionnaire.sections[0]
    several = replace(questionnaire.question("block"), name="seen", kind="multiple", dont_know=("none", DONT_KNOW))
    further = replace(contact, questions=(*contact.questions, several))
    whole = replace(questionnaire, sections=(further, *questionnaire.sections[1:]))
    XForm(write_xlsform(whole, tmp_path / "form.xlsx"), validate=True)


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_every_style_and_every_chinese_run_names_a_chinese_font(language, tmp_path):
    path = write_word(FORMS["exit"], tmp_path / "form.docx", language=language)
    document = docx.Document(path)
    for fonts in document.styles.element.iter(qn("w:rFonts")):
        assert fonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
        assert not [key for key in fonts.attrib if key.endswith("Theme")], "a theme font would go before it"
    assert document.styles["Normal"].element.rPr.rFonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
    for part in (document, document.sections[0].footer.part):
        for run in part.element.iter(qn("w:r")):
            if CHINESE.search("".join(each.text or "" for each in run.iter(qn("w:t")))):
                assert run.rPr.rFonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
                assert run.rPr.rFonts.get(qn("w:hint")) == "eastAsia"
    with zipfile.ZipFile(path) as packed:
        assert '<w:altName w:val="Noto Sans CJK SC,' in packed.read("word/fontTable.xml").decode()
        for name in packed.namelist():
            if name.endswith((".xml", ".rels")):
                etree.fromstring(packed.read(name))
        assert b'w:instr="PAGE"' in packed.read("word/footer1.xml")


def test_the_page_is_a4_upright_or_lying(tmp_path):
    upright, lying = new_document("T", "en").sections[0], new_document("T", "en", landscape=True).sections[0]
    assert (round(upright.page_width.cm, 1), round(upright.page_height.cm, 1)) == (21.0, 29.7)
    assert (round(lying.page_width.cm, 1), round(lying.page_height.cm, 1)) == (29.7, 21.0)
    assert page_width(landscape=True) - page_width() == pytest.approx(8.7)


def test_characters_that_no_file_can_hold_are_shown_as_such(tmp_path):
    bad = "a\x00b\x0bc\ud800d\ufffee"
    document = new_document(bad, "zh")
    add_heading(document, bad)
    add_paragraph(document, bad, shaded=True)
    add_table(document, [[bad, "x"]], [4, 4])
    again = docx.Document(save(document, tmp_path / "bad.docx"))
    assert [each.text for each in again.paragraphs[:3]] == ["a�b�c�d�e"] * 3
    assert again.tables[0].rows[0].cells[0].text == "a�b�c�d�e"


def test_a_document_that_cannot_be_made_is_refused_with_words(tmp_path):
    document = new_document("T")
    with pytest.raises(SpecError, match="row 2 has 1 texts"):
        add_table(document, [["a", "b"], ["a"]], [2, 2])
    with pytest.raises(SpecError, match="there is no row"):
        add_table(document, [], [2, 2])
    with pytest.raises(SpecError, match="level=7 is not known"):
        add_heading(document, "x", 7)
    with pytest.raises(SpecError, match=r"'form\.pdf' is no name for a Word document"):
        save(document, tmp_path / "form.pdf")
    with pytest.raises(SpecError, match=r"'form\.xls' is no name for an XLSForm"):
        write_xlsform(EVERYTHING, tmp_path / "form.xls")
    with pytest.raises(SpecError, match="language='fr' is not known"):
        write_word(EVERYTHING, tmp_path / "form.docx", language="fr")
    with pytest.raises(SpecError, match=r"has no words in 'zh', so it can't be printed with language='both'"):
        write_word(form(Question("q", "text", "?"), languages=("en",)), tmp_path / "form.docx", language="both")
    assert list(tmp_path.iterdir()) == []


# --- the list of variables, and all of it together ---------------------------------------------------------


def test_the_list_of_variables_shows_itself_in_both_languages():
    result = codebook(FORMS["exit"])
    assert (
        result.title() == "Variables of 'Thirteen aspects of shop service, asked at the exit' (retail-13, version 1.0)"
    )
    n = len(FORMS["exit"].columns)
    assert result.note().startswith(f"{n} columns, ")
    assert result.note().endswith("'don't know' is kept as 9, 99.")
    chinese = result.in_language("zh")
    assert chinese.title() == "变量表：门店服务十三个方面（出口访问）（retail-13，版本 1.0）"
    assert chinese.note().endswith("“不知道”编码为 9、99。")
    shown = chinese.shown().set_index("变量名")
    assert list(shown.columns) == ["类型", "问题", "编码", "范围", "询问条件"]
    assert shown.loc["minutes_in_store", "范围"] == "0…600"
    assert shown.loc["sex", "编码"] == "female = 女; male = 男; not_said = 不愿回答"
    assert shown.loc["disposition", "编码"].startswith("110 = 1.1 完整访问; 120 = 1.2 ")
    assert shown.loc["imp_empathy", "类型"] == "分数分配"


def test_the_csv_holds_both_languages_and_no_formula(tmp_path):
    questionnaire = form(Question("q", "text", {"en": "=1+1", "zh": "=2"}), Question("n", "counted", "n", maximum=9))
    rows = list(csv.DictReader(io.StringIO(codebook(questionnaire).to_csv())))
    assert [row["name"] for row in rows] == ["q", "n"]
    assert (rows[0]["label_en"], rows[0]["label_zh"]) == ("'=1+1", "'=2")
    assert (rows[1]["range"], rows[1]["dont_know"]) == ("0…9", "")


def test_a_list_of_variables_in_one_language_can_be_shown_in_the_other():
    questionnaire = form(Question("q", "yes_no", "Clean?"), languages=("en",))
    assert codebook(questionnaire).in_language("zh").shown()["问题"].tolist() == ["Clean?"]


def test_all_forms_are_written_together_and_the_same_bytes_every_time(tmp_path):
    first = write_forms(FORMS["retail-13"], tmp_path / "a")
    second = write_forms(FORMS["retail-13"], tmp_path / "b")
    assert sorted(first) == ["codebook", "word_both", "word_en", "word_zh", "xlsform"]
    for what, path in first.items():
        assert path.read_bytes() == second[what].read_bytes(), what
        if path.suffix in (".docx", ".xlsx"):
            with zipfile.ZipFile(path) as packed:
                assert {part.date_time for part in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
                assert set(re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", packed.read("docProps/core.xml"))) == {
                    b"1980-01-01T00:00:00Z"
                }
    assert first["codebook"].read_bytes().startswith(b"\xef\xbb\xbf")
    assert sorted(write_forms(form(Question("q", "text", "?"), languages=("zh",)), tmp_path / "c")) == [
        "codebook",
        "word_zh",
        "xlsform",
    ]


@pytest.mark.parametrize(("package", "write"), [
    ("docx", lambda path: write_word(EVERYTHING, path / "f.docx")),
    ("openpyxl", lambda path: write_xlsform(EVERYTHING, path / "f.xlsx")),
    ("pyxform.errors", lambda path: write_xlsform(EVERYTHING, path / "f.xlsx")),
])  # fmt: skip
def test_a_missing_package_is_named_with_the_way_to_install_it(package, write, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SpecError, match=r"pip install 'servqual\[field\]'"):
        write(tmp_path)


def test_answers_drawn_from_the_form_are_the_values_of_the_tablet(tmp_path):
    """The codes of every question are the values of its list in the workbook, in the same order."""
    book = openpyxl.load_workbook(write_xlsform(EVERYTHING, tmp_path / "form.xlsx"))
    rows = {sheet: [dict(zip([c.value for c in next(book[sheet].rows)], [c.value for c in row], strict=True))
                    for row in list(book[sheet].rows)[1:]] for sheet in ("survey", "choices")}  # fmt: skip
    rng = np.random.default_rng(5)
    chosen = [each for each in EVERYTHING.questions if each.kind in ("graded", "single", "yes_no", "multiple")]
    for question in rng.permutation(np.array(chosen, dtype=object)):
        (row,) = [row for row in rows["survey"] if row["name"] == question.name]
        listed = [choice["name"] for choice in rows["choices"] if choice["list_name"] == row["type"].split()[1]]
        assert listed == [str(code) for code in question.codes]
    assert Path(tmp_path / "form.xlsx").is_file()
