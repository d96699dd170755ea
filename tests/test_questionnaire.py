"""A questionnaire: names that reach the analysis, faults that are all found at once, routing that can be followed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import servqual.instruments
from servqual import Responses, available_instruments, load_instrument
from survey_design.errors import SpecError
from survey_design.exit_interview import DISPOSITIONS
from survey_design.forms.paper import jumps, question_numbers
from survey_design.questionnaire import (
    LABEL_LIMIT,
    NAME_LIMIT,
    Choice,
    Condition,
    Question,
    Questionnaire,
    Scale,
    Section,
    condition_in_words,
)

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
BOTH = {"en": "Question", "zh": "问题"}


def asked(name, kind="yes_no", **more):
    return Question(name, kind, more.pop("label", BOTH), **more)


def form(*questions, **more):
    return Questionnaire("f", "1", {"en": "Form", "zh": "问卷"}, (Section("s", BOTH, questions),), **more)


def fault(*questions, **more):
    with pytest.raises(SpecError) as caught:
        form(*questions, **more)
    return str(caught.value)


# --- from the instrument, and to the analysis --------------------------------------------------------------


@pytest.mark.parametrize("name", available_instruments())
def test_every_column_that_the_analysis_looks_for_is_a_question(name):
    instrument = load_instrument(name)
    questionnaire = instrument.questionnaire(importance=True, intercept=True)
    wanted = [column for each in instrument.forms for column in instrument.columns(each.name).values()]
    wanted += [outcome.column for outcome in instrument.outcomes]
    wanted += [f"imp_{dimension.id}" for dimension in instrument.dimensions]
    assert set(wanted) <= set(questionnaire.columns)
    assert len(set(questionnaire.columns)) == len(questionnaire.columns)
    for column in wanted[: -len(instrument.dimensions)]:
        question = questionnaire.question(column)
        assert (question.kind, question.required, question.dont_know[0]) == ("graded", True, 99)
    assert questionnaire.languages == ("en", "zh")


def test_the_study_that_comes_with_the_toolkit_has_the_same_column_names():
    instrument = load_instrument("servqual-22")
    intercept = set(pd.read_csv(SAMPLE / "intercept.csv", nrows=1).columns)
    questionnaire = instrument.questionnaire(forms=["perception"], intercept=True)
    added = {"date", "purchase", "consent", "disposition"}  # of the contact; the sample holds interviews only
    assert set(questionnaire.columns) - added <= intercept
    expected = set(pd.read_csv(SAMPLE / "expectation.csv", nrows=1).columns)
    points = instrument.questionnaire(forms=["expectation"], importance=True).question("importance_points")
    assert set(points.columns) < expected


@pytest.mark.parametrize("name", available_instruments())
def test_whatever_the_form_lets_through_is_read_without_a_mapping(name):
    instrument = load_instrument(name)
    rng = np.random.default_rng(7)
    questions = instrument.questionnaire().questions
    frame = pd.DataFrame({each.name: rng.choice(each.codes, size=40) for each in questions})
    kinds = Responses(frame, instrument, dont_know=[99]).answers_by_kind
    assert kinds["don't know"].to_dict() == (frame == 99).sum().to_dict()
    assert (kinds["given"] + kinds["don't know"] == 40).all()


def test_scale_is_one_class():
    assert servqual.instruments.Scale is Scale
    assert isinstance(load_instrument("servqual-22").scale, Scale)


def test_forms_may_be_asked_apart_and_dont_know_left_out():
    instrument = load_instrument("servqual-22")
    questionnaire = instrument.questionnaire(forms=["expectation"], dont_know=None)
    assert questionnaire.columns[:2] == ("E_TAN1", "E_TAN2")
    assert not any(column.startswith("P_") for column in questionnaire.columns)
    assert questionnaire.question("E_TAN1").codes == (1, 2, 3, 4, 5, 6, 7)
    with pytest.raises(SpecError, match="has no form 'minimum'"):
        instrument.questionnaire(forms=["minimum"])


@pytest.mark.parametrize("name", available_instruments())
def test_outcomes_are_asked_of_those_who_have_been_served(name):
    instrument = load_instrument(name)
    outcomes = {outcome.column for outcome in instrument.outcomes}
    for form in instrument.forms:
        columns = set(instrument.questionnaire(forms=[form.name]).columns)
        assert outcomes & columns == (outcomes if form.name == "perception" else set()), form.name
        assert outcomes <= set(instrument.questionnaire(forms=[form.name], outcomes=True).columns)
    assert outcomes <= set(instrument.questionnaire().columns)
    assert not outcomes & set(instrument.questionnaire(outcomes=False).columns)
    with pytest.raises(SpecError, match=r"outcomes=True: .* has no outcomes"):
        replace(instrument, outcomes=()).questionnaire(outcomes=True)


def test_forms_of_one_instrument_have_names_of_their_own(tmp_path):
    """Two forms written into one folder: no file of the one takes the place of one of the other."""
    pytest.importorskip("pyxform")
    pytest.importorskip("docx")
    from survey_design.forms import write_forms

    instrument = load_instrument("servqual-22")
    online, door = (instrument.questionnaire(forms=[name]) for name in ("expectation", "perception"))
    assert [form.name for form in (online, door)] == ["servqual-22-expectation", "servqual-22-perception"]
    assert instrument.questionnaire().name == "servqual-22"
    assert instrument.questionnaire(forms=["expectation", "perception"]).name == "servqual-22", "all of its forms"
    paths = [path for form in (online, door) for path in write_forms(form, tmp_path).values()]
    assert len(set(paths)) == len(paths) == len(list(tmp_path.iterdir()))


def test_a_dont_know_code_on_the_scale_is_refused():
    with pytest.raises(SpecError, match=r"question 1 'E_TAN1' .*the value '7' stands for two answers"):
        load_instrument("servqual-22").questionnaire(dont_know=7)


def test_an_instrument_in_one_language_gives_a_form_in_that_language(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "Own"\n[scale]\npoints = 5\n[forms.perception]\ncolumn = "P_{id}"\n'
        '[[items]]\nid = "a"\ntext = "Clean?"\n[[items]]\nid = "b"\ntext = "Quick?"\n',
        encoding="utf-8",
    )
    questionnaire = load_instrument(path, language="zh").questionnaire()
    assert (questionnaire.languages, questionnaire.shown) == (("en",), "en")
    with pytest.raises(SpecError, match=r"not written in language='zh'\. It has: en"):
        questionnaire.in_language("zh")


def test_a_column_pattern_that_no_form_can_use_is_named(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "Own"\n[scale]\npoints = 5\n[forms.perception]\ncolumn = "P {id}"\n'
        '[[items]]\nid = "a"\ntext = "Clean?"\n[[items]]\nid = "b"\ntext = "Quick?"\n',
        encoding="utf-8",
    )
    with pytest.raises(SpecError, match=r"has 2 faults") as caught:
        load_instrument(path).questionnaire()
    assert "'P a'" in str(caught.value)
    assert "'P b'" in str(caught.value)


def test_an_exit_interview_screens_for_a_purchase_just_completed_and_keeps_the_disposition():
    """Requirements S31 and S33: only customers who have just bought something are interviewed."""
    questionnaire = load_instrument("retail-13").questionnaire(
        forms=["perception"], intercept=True, stores={"S1": "One"}
    )
    assert [condition.question for condition in questionnaire.screening] == ["purchase", "consent"]
    assert questionnaire.section_of("P_initiative").relevant == Condition("consent", (1,))
    assert questionnaire.question("store").codes == ("S1",)
    assert questionnaire.question("disposition").codes == tuple(DISPOSITIONS)
    assert set(questionnaire.interviews) < set(DISPOSITIONS)
    assert questionnaire.section_of("disposition").relevant is None, "it is filled in for refusals too"
    cards = {each.show_card for each in questionnaire.questions if each.kind == "graded"}
    assert cards == {"A", "B", "C", "D"}


def test_no_trade_is_named_unless_products_are_given():
    plain = load_instrument("retail-13").questionnaire(intercept=True)
    assert "product" not in plain.columns
    words = "".join(str(row) for row in plain.variables().to_numpy().ravel())
    assert not re.search(r"phone\b|computer|手机|电脑", words.replace("phone numbers", "").replace("电话号码", ""))
    bakery = load_instrument("retail-13").questionnaire(
        intercept=True, products={"bread": {"en": "Bread", "zh": "面包"}}
    )
    assert bakery.question("product").codes == ("bread",)


def test_who_answers_may_keep_sex_and_age_to_themselves_and_the_old_codes_stay():
    asked_all = load_instrument("retail-13").questionnaire(intercept=True)
    for name in ("sex", "age_band"):
        assert "Prefer not to say" in [option.label["en"] for option in asked_all.question(name).options]
        assert set(pd.read_csv(SAMPLE / "intercept.csv")[name].dropna()) < set(asked_all.question(name).codes)
    assert asked_all.question("age_band").choices[0].label == {"en": "Under 18", "zh": "未满 18 岁"}


def test_the_title_and_the_company_may_be_said_as_customers_read_them():
    title, company = {"en": "Customer survey", "zh": "顾客调查"}, {"en": "Corner Bakery", "zh": "街角面包房"}
    named = load_instrument("servqual-22").questionnaire(title=title, company=company)
    assert (named.title, named.company, named.name) == (title, company, "servqual-22")
    assert load_instrument("servqual-22").questionnaire().title == load_instrument("servqual-22").title
    with pytest.raises(SpecError, match=r"the form's company: the words in 'zh' are missing"):
        load_instrument("servqual-22").questionnaire(company={"en": "Corner Bakery"})
    with pytest.raises(SpecError, match=r"the form's title: the words in 'zh' are missing"):
        load_instrument("servqual-22").questionnaire(title={"en": "Customer survey"})


# --- choices under an earlier answer -----------------------------------------------------------------------


def blocks(*within, **more):
    return Question("block", "single", {"en": "B", "zh": "段"}, filter_by="store", **more,
                    choices=tuple(Choice(f"b{k}", f"b{k}", within=code) for k, code in enumerate(within)))  # fmt: skip


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        (
            ("store", blocks("S1", "S9", None)),
            "choice 'b1' (and 1 more) lies within 'S9', which is no answer to 'store'",
        ),
        ((blocks("S1"), "store"), "filter_by='store' is no question of kind 'single' that is asked before"),
        ((asked("store"), blocks("S1")), "filter_by='store' is no question of kind 'single' that is asked before"),
        (("store", asked("x", filter_by="store")), "a question of kind 'yes_no' has no choices to filter"),
        (("store", replace(blocks("S1"), filter_by="")), "choice 'b0' lies within 'S1'; say of which question"),
    ],
)
def test_choices_that_would_never_be_offered_are_refused(questions, words):
    store = Question("store", "single", {"en": "S", "zh": "店"}, choices=(Choice("S1", "One"), Choice("S2", "Two")))
    assert words in fault(*(store if each == "store" else each for each in questions))


def test_a_code_with_spaces_is_refused_with_one_that_would_do():
    store = Question("store", "single", {"en": "S", "zh": "店"}, choices=(Choice("Main Street 4", "Main Street 4"),))
    assert "the value 'Main Street 4' of a choice" in fault(store)
    assert "Did you mean 'Main_Street_4'?" in fault(store)


def test_chinese_comes_first_where_the_instrument_is_in_chinese():
    questionnaire = load_instrument("servqual-22", language="zh").questionnaire()
    assert questionnaire.shown == "zh"
    assert questionnaire.in_language("en").shown == "en"
    assert questionnaire.shown == "zh", "a frozen value stays as it was"


# --- faults ------------------------------------------------------------------------------------------------

TWO = (Choice("a", BOTH), Choice("b", BOTH))

FAULTS = {
    "twice": ([asked("a"), asked("a")], "question 2 'a' (section 's'): the name 'a' is taken by question 1 'a'"),
    "capitals": ([asked("Store"), asked("store")], "the name 'store' is taken by question 1 'Store'"),
    "section": ([asked("s")], "question 1 's' (section 's'): the name 's' is taken by section 's'"),
    "name": ([asked("2nd")], "the name '2nd' can't name a column"),
    "spaces": ([asked("my store")], "the name 'my store' can't name a column"),
    "underscore": ([asked("_id")], "the name '_id' can't name a column"),
    "long name": ([asked("n" * (NAME_LIMIT + 1))], f"has {NAME_LIMIT + 1} characters; {NAME_LIMIT} are allowed"),
    "reserved": ([asked("start")], "'start' is used by form apps"),
    "kind": ([asked("a", "slider")], "kind='slider' is not known; use graded, single"),
    "no scale": ([asked("a", "graded")], "it is graded and has no scale"),
    "no choices": ([asked("a", "single")], "it has no choices; give at least one"),
    "one part": ([asked("a", "points", choices=TWO[:1])], "give at least two parts"),
    "choices": ([asked("a", "text", choices=TWO)], "takes no choices"),
    "same value": ([asked("a", "single", choices=(*TWO, TWO[0]))], "the value 'a' stands for two answers"),
    "value": ([asked("a", "multiple", choices=(Choice("a b", BOTH), TWO[1]))], "the value 'a b' of a choice"),
    "quote": ([asked("a", "single", choices=(Choice("it's", BOTH),))], 'the value "it\'s" of a choice'),
    "long label": (
        [asked("a", label={"en": "x" * (LABEL_LIMIT + 1), "zh": "问"})],
        f"question 1 'a' (section 's'): label (en) has {LABEL_LIMIT + 1} characters; {LABEL_LIMIT} are allowed",
    ),
    "language": ([asked("a", label={"en": "only"})], "label: the words in 'zh' are missing"),
    "hint": ([asked("a", hint={"zh": "仅中文"})], "hint: the words in 'en' are missing"),
    "control": ([asked("a", label={"en": "be\x07ll", "zh": "铃"})], "label (en) holds the control character U+0007"),
    "reference": ([asked("a", label={"en": "Dear ${name}", "zh": "您"})], "label (en) holds '${'"),
    "empty": ([asked("a", label={"en": " ", "zh": "问"})], "label: the words in 'en' are missing"),
    "no text": ([asked("a", label=5)], "label: 5 is not a text"),
    "bounds": ([asked("a", "number", minimum=5, maximum=2)], "its bounds run from 5 to 2"),
    "no bounds": ([asked("a", maximum=2)], "a question of kind 'yes_no' has no bounds"),
    "dk in range": ([asked("a", "counted", dont_know=(99, BOTH))], "99 for 'don't know' is also a possible answer"),
    "dk word": ([asked("a", "counted", maximum=9, dont_know=("x", BOTH))], "must be a number"),
    "dk text": ([asked("a", "text", dont_know=(99, BOTH))], "can't keep a code for 'don't know'"),
    "evidence": ([asked("a", evidence=("video",))], "evidence 'video' is not known; use photo, audio, note"),
    "two kinds": ([asked("a", "evidence", evidence=("photo", "audio"))], "collects one thing"),
    "card": (
        [asked("a", show_card="A"), asked("b", "single", choices=TWO, show_card="A")],
        "show card 'A' already shows the answers of 'a'",
    ),
    "unknown": ([asked("a", relevant=Condition("z", (1,)))], "asked after an answer to 'z', which is no question"),
    "answer": ([asked("a"), asked("b", relevant=Condition("a", (2,)))], "'a' has no answer 2; it has: 1, 0"),
    "no rule": ([asked("a"), asked("b", relevant=Condition("a"))], "needs either values, or low and high"),
    "no number": ([asked("a"), asked("b", relevant=Condition("a", low=1))], "'a' is no number"),
    "forward": (
        [asked("a", relevant=Condition("b", (1,))), asked("b")],
        "asked after an answer to 'b', which comes later (a → b). Ask 'b' first.",
    ),
    "itself": ([asked("a", relevant=Condition("a", (1,)))], "routing loop: a → a;"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_refused_in_words_that_name_its_place(what):
    questions, words = FAULTS[what]
    assert words in fault(*questions)


def test_a_loop_is_named_with_its_whole_chain():
    chain = [asked(name, relevant=Condition(other, (1,))) for name, other in ("ab", "bc", "ca")]
    message = fault(asked("z"), *chain)
    assert "routing loop: a → b → c → a; nobody would ever be asked." in message
    assert "comes later" not in message, "a loop is said once, not as two forward references as well"


def test_all_faults_are_said_at_once():
    message = fault(asked("2nd", "single"), asked("b", label={"en": "x"}), asked("b"))
    assert message.startswith("questionnaire 'f' has 4 faults:\n- ")
    assert len(message.splitlines()) == 5


def test_a_label_of_the_allowed_length_passes_in_chinese_too():
    assert form(asked("a", label={"en": "x" * LABEL_LIMIT, "zh": "问" * LABEL_LIMIT})).columns == ("a",)


def test_a_condition_cannot_look_into_a_section_that_is_asked_several_times():
    sections = (Section("visits", BOTH, (asked("a"),), repeat=True), Section("s", BOTH, (asked("b", relevant=Condition("a", (1,))),)))  # fmt: skip
    with pytest.raises(SpecError, match="'a' is asked several times"):
        Questionnaire("f", "1", BOTH, sections)


def test_a_form_without_questions_languages_or_a_known_disposition_is_refused():
    with pytest.raises(SpecError, match="it asks nothing"):
        Questionnaire("f", "1", BOTH, ())
    with pytest.raises(SpecError, match="names no language"):
        form(asked("a"), languages=())
    with pytest.raises(SpecError, match="languages='fr' is not known"):
        form(asked("a"), languages=("fr",))
    assert "disposition 'end' must be a question of kind 'single'" in fault(asked("a"), disposition="end")
    ended = asked("end", "single", choices=TWO)
    assert "interviews must list answers of 'end'; it has: a, b" in fault(ended, disposition="end", interviews=("c",))


@st.composite
def routed(draw):
    """Questions whose conditions look back only."""
    count = draw(st.integers(2, 12))
    back = [None, *(draw(st.none() | st.integers(0, k - 1)) for k in range(1, count))]
    codes = [draw(st.sampled_from([0, 1])) for _ in range(count)]
    return [
        asked(f"q{k}", relevant=None if before is None else Condition(f"q{before}", (codes[k],)))
        for k, before in enumerate(back)
    ]


@given(routed())
@settings(max_examples=60, deadline=None)
def test_conditions_that_look_back_are_accepted_and_a_way_back_closes_a_loop(questions):
    assert len(form(*questions).questions) == len(questions)
    conditional = [k for k, question in enumerate(questions) if question.relevant]
    for k in conditional:
        chain, at = [k], k
        while questions[at].relevant:
            at = int(questions[at].relevant.question[1:])
            chain.append(at)
        closed = list(questions)
        closed[at] = replace(questions[at], relevant=Condition(f"q{k}", (1,)))
        assert "routing loop: " in fault(*closed)


def walked(questionnaire, answers):
    """The questions asked when somebody answers so; who is not asked leaves a blank."""
    given_answers = {}
    for question in questionnaire.questions:
        rule = question.relevant
        if rule is None or given_answers.get(rule.question) in rule.values:
            given_answers[question.name] = answers[question.name]
    return list(given_answers)


@given(routed(), st.data())
@settings(max_examples=100, deadline=None)
def test_following_the_jumps_on_paper_asks_what_the_conditions_ask(questions, data):
    """Whoever walks through the paper form, jumping and reading "only if", is asked the same as on the tablet."""
    questionnaire = form(*questions)
    answers = {question.name: data.draw(st.sampled_from([0, 1])) for question in questions}
    order, reached, at = [question.name for question in questions], [], 0
    while at is not None and at < len(order):
        question = questionnaire.question(order[at])
        rule = question.relevant
        if rule is None or (rule.question in reached and answers[rule.question] in rule.values):
            reached.append(question.name)
            jumped = [jump for jump in jumps(questionnaire, question.name) if answers[question.name] in jump.answers]
            at = (order.index(jumped[0].target) if jumped[0].target else None) if jumped else at + 1
        else:
            at += 1
    assert reached == walked(questionnaire, answers)


def test_who_did_not_buy_is_sent_to_the_end_of_the_exit_interview():
    questionnaire = load_instrument("retail-13").questionnaire(intercept=True)
    for name, answers in (("purchase", (0, 9)), ("consent", (0,))):
        (jump,) = jumps(questionnaire, name)
        assert (jump.answers, jump.target) == (answers, "disposition")
    numbers = question_numbers(questionnaire)
    assert list(numbers.values()) == list(range(1, len(questionnaire.questions) - 2))
    assert next(iter(numbers)) == "purchase", "respondent, store and date stand in the boxes on top"


def test_the_interview_ends_where_nothing_is_left_to_ask():
    (jump,) = jumps(form(asked("a"), asked("b", relevant=Condition("a", (1,)))), "a")
    assert (jump.answers, jump.target) == ((0,), None)


def test_dont_know_fulfils_no_range():
    scale = Scale(0, 10)
    questionnaire = form(
        asked("q", "graded", scale=scale, dont_know=(99, BOTH)), asked("why", "text", relevant=Condition("q", low=9))
    )
    (jump,) = jumps(questionnaire, "q")
    assert jump.answers == (*range(9), 99)


# --- the list of variables ---------------------------------------------------------------------------------


def test_the_list_of_variables_has_a_row_per_column_and_its_codes_can_be_read_back():
    questionnaire = load_instrument("servqual-22").questionnaire(importance=True, intercept=True)
    variables = questionnaire.variables()
    assert variables["name"].tolist() == list(questionnaire.columns)
    for language in ("en", "zh"):
        for name, values in zip(variables["name"], variables[f"values_{language}"], strict=True):
            codes = [entry.split(" = ")[0] for entry in values.split("; ") if values]
            question = next(each for each in questionnaire.questions if name in each.columns)
            assert codes == (
                [str(code) for code in question.codes] if question.kind in ("graded", "single", "yes_no") else []
            )
    row = variables.set_index("name").loc["P_TAN1"]
    assert (row["dont_know"], row["low"], row["high"], row["asked_if"]) == (99, 1, 7, "consent = 1")
    assert row["values_en"].startswith("1 = Disagree completely; 2; ")
    assert row["values_zh"].endswith("99 = 不知道")


def test_evidence_has_columns_of_its_own():
    questionnaire = form(asked("clean", evidence=("photo", "note")), asked("shelf", "evidence", evidence=("photo",)))
    assert questionnaire.columns == ("clean", "clean_photo", "clean_note", "shelf")
    rows = questionnaire.variables().set_index("name")
    assert rows.loc["clean_photo", "kind"] == "photo"
    assert rows.loc["clean_photo", "label_zh"] == "照片: 问题"
    assert rows.loc["clean_note", "question"] == "clean"
    assert "the name 'clean_photo' is taken" in fault(asked("clean", evidence=("photo",)), asked("clean_photo"))


@pytest.mark.parametrize(
    ("condition", "en", "zh"),
    [
        (Condition("a", (1,)), "'Question' is 'Yes'", "“问题”为“是”"),
        (Condition("a", (1, 0)), "'Question' is 'Yes' or 'No'", "“问题”为“是”或“否”"),
        (Condition("n", low=2), "'Question' is 2 or more", "“问题”不低于 2"),
        (Condition("n", high=2), "'Question' is 2 or less", "“问题”不高于 2"),
        (Condition("n", low=1, high=2), "'Question' is 1 to 2", "“问题”为 1 至 2"),
    ],
)
def test_conditions_are_said_in_both_languages(condition, en, zh):
    questionnaire = form(asked("a"), asked("n", "counted"))
    assert (condition_in_words(condition, questionnaire, "en"), condition_in_words(condition, questionnaire, "zh")) == (
        en,
        zh,
    )
    assert condition_in_words(condition, questionnaire, "zh", "n").startswith("n "), "a space after Latin letters"
    assert condition_in_words(condition, questionnaire, "zh", "第 7 题").startswith(("第 7 题为", "第 7 题不"))
