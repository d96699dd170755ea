"""Decisions and listening in study.toml and in the report: read strictly, ranked with chances, and made-up values called so."""

import re
from pathlib import Path

import pandas as pd
import pytest

from servqual import decisions, voices
from servqual.instruments import load_instrument
from servqual.priorities import choose_actions, importance_performance, priorities, read_actions, return_on_quality
from servqual.report import Paragraph, Picture, Points, Table
from servqual.report.decisions import RuleCounts
from servqual.report.words import word
from servqual.study import load_study, new_study
from survey_design.errors import SpecError

SAMPLE = Path("data/sample")
START = 'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\nclusters = "store"\n[validity]\nskip = true\n'
PRIORITIES = '[priorities]\nof = "items"\n'
ACTIONS = '[actions]\nfile = "actions.csv"\nbudget = 1000000\n'
RETURN = "[return]\noperating_budget = 100\noperating_cost = 100\nrevenue = 120\n"
MOVES = '[drivers]\noutcome = "satisfaction"\n'
LINKS = '[listening]\nweak_links = "weak_links.csv"\n'


@pytest.fixture
def study(tmp_path):
    """Twelve invented respondents, the actions and the weak links of the sample study."""
    folder = tmp_path / "study"
    new_study(folder)
    answers = pd.read_csv(folder / "answers.csv")
    mood = answers.filter(like="P_").mean(axis=1)
    answers.assign(satisfaction=mood.round().astype(int)).to_csv(folder / "answers.csv", index=False)
    for name in ("actions.csv", "weak_links.csv"):
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def found(sample_results):
    return sample_results["en"].decisions


def write(folder, text):
    (folder / "study.toml").write_text(START + text, encoding="utf-8")
    return folder


def tables(report):
    return {block.name: block.result for part in report.sections for block in part.blocks if isinstance(block, Table)}


def section(report, key):
    title = word(key, report.language)
    return next((each for each in report.sections if each.title == title), None)


def words_of(part):
    """Everything that a section says outside of its tables."""
    said = []
    for block in part.blocks:
        said += block.texts if isinstance(block, Points) else [getattr(block, "text", "")]
    return "\n".join(said)


# --- study.toml --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PRIORITIES + "tops = 3", r"\[priorities\], key 'tops'.*Did you mean 'top'\?"),
        (PRIORITIES + "top = 0", r"\[priorities\] top: 0 is not a whole number of 1 or more"),
        (PRIORITIES + 'crosshairs = "middle"', r"\[priorities\] crosshairs: .*'middle'"),
        (PRIORITIES + 'importance = "derived"', r"\[priorities\] importance: nothing says from which outcome"),
        (PRIORITIES + "reach = 0.5", r"\[priorities\] reach: 0.5 is not shares"),
        (PRIORITIES + "reach = { REL1 = 2 }", r"\[priorities\] reach: .* is not shares"),
        (PRIORITIES + "reach = { REL9 = 1 }", r"\[priorities\] reach, key 'REL9'.*Did you mean 'REL"),
        (PRIORITIES + '[priorities.owners]\nREL1 = "boss"', r"\[priorities.owners\] REL1: 'boss' is no owner"),
        (PRIORITIES + '[priorities.owners]\nREL = "store"', r"\[priorities.owners\], key 'REL'"),
        ('[priorities]\nof = "dimensions"\nowners = { REL1 = "store" }', r"\[priorities.owners\], key 'REL1'"),
        ("[actions]\nbudget = 1", r"\[actions\] file: the key is missing"),
        ('[actions]\nfile = "actions.csv"', r"\[actions\] budget: the key is missing; add budget = 500000"),
        ("[priorities]\ntop = 30", r"\[priorities\] top: 30 of 22 are not the first few"),
        (ACTIONS, r"\[actions\] importance: there is no \[priorities\]"),
        (ACTIONS + 'importance = "points"', r"\[actions\] importance: there is no \[importance\]"),
        (ACTIONS + 'importance = "derived"', r"\[actions\] importance: there is no \[drivers\]"),
        (PRIORITIES + ACTIONS + "minimum = { shop = 1 }", r"\[actions\] minimum, key 'shop'"),
        (PRIORITIES + ACTIONS + "minimum = { store = -1 }", r"\[actions\] minimum: .* is not numbers of actions"),
        (PRIORITIES + ACTIONS + "columns = { cost = 1 }", r"\[actions\] columns: .* is not names"),
        (PRIORITIES + ACTIONS + "currency = 3", r"\[actions\] currency: 3 is not a text"),
        ("[return]\nrevenue = 1", r"\[return\] operating_budget: the key is missing"),
        (RETURN + 'saving = "a lot"', r"\[return\] saving: 'a lot' is not a number"),
        (RETURN + "investment = 15", r"\[return\]: .*investment"),
        (RETURN + "currency = 3", r"\[return\] currency: 3 is not a text"),
        ("[listening]\n", r"\[listening\]: it names nothing"),
        ('[listening]\nmatrix = "ilustrative"', r"\[listening\] matrix: .*illustrative"),
        ('[listening]\nweak_links = "links.csv"', r"'links.csv' is not in the study's folder"),
    ],
)  # fmt: skip
def test_settings_are_read_strictly(study, text, message):
    with pytest.raises(SpecError, match=message):
        load_study(write(study, text))


def test_the_skeleton_of_a_new_study_names_every_key(tmp_path):
    new_study(tmp_path / "new")
    text = (tmp_path / "new" / "study.toml").read_text(encoding="utf-8")
    for table, keys in (
        ("priorities", decisions._PRIORITIES),
        ("actions", decisions._ACTIONS),
        ("return", decisions._RETURN),
        ("listening", voices._LISTENING),
    ):
        part = re.split(rf"^# \[{table}\]", text, flags=re.MULTILINE)[1].split("\n# [")[0].split("\n[")[0]
        assert sorted(re.findall(r"^# ([a-z_]+) = ", part, flags=re.MULTILINE)) == sorted(keys), table


def test_check_reads_actions_and_ratings_and_names_their_faults(study):
    named = load_study(write(study, PRIORITIES + ACTIONS + 'currency = "CNY"\n')).check()
    assert "actions.csv: 14 actions read, 8,050,000 CNY altogether." in named.notes
    text = PRIORITIES + ACTIONS + LINKS
    good = load_study(write(study, text)).check()
    assert good.ok, good.problems
    assert "actions.csv: 14 actions read, 8,050,000 altogether." in good.notes
    assert "[listening]: 5 raters of weak links read." in good.notes
    actions, links = (pd.read_csv(study / name) for name in ("actions.csv", "weak_links.csv"))
    actions.assign(target=["REL9", *actions["target"][1:]]).to_csv(study / "actions.csv", index=False)
    links.assign(rating=[9, *links["rating"][1:]]).to_csv(study / "weak_links.csv", index=False)
    bad = load_study(study).check()
    assert any("actions.csv" in each and "target" in each for each in bad.problems)
    assert any("weak_links.csv" in each for each in bad.problems)
    assert {"REL9", "9"} <= set(bad.cases["value"].astype(str))


# --- the numbers are those of the verbs --------------------------------------------------------------------


def test_the_report_holds_the_tables_of_the_verbs(sample_results, sample_reports):
    responses, shown = sample_results["en"].responses, tables(sample_reports["en"])
    owners = load_study("data/sample").decisions.priorities.owners
    ranking = priorities(responses, owners=owners)
    pd.testing.assert_frame_equal(shown["ranked list"].frame, ranking.frame)
    pd.testing.assert_frame_equal(shown["improvements by owner"].frame, ranking.streams().frame)
    pd.testing.assert_frame_equal(shown["importance and performance"].frame, importance_performance(responses).frame)
    points = sample_results["en"].gaps[0].basis.points.means
    room = dict(zip(ranking.frame["item"], ranking.frame["shortfall"], strict=True))
    actions = read_actions(SAMPLE / "actions.csv", load_instrument("servqual-22"))
    choice = choose_actions(actions, 3_600_000, importance=dict(points), room=room)
    pd.testing.assert_frame_equal(shown["actions"].frame, choice.frame)
    back = return_on_quality(
        operating_budget=24e6, operating_cost=22e6, revenue=180e6, margin=0.10, discount_rate=0.08, currency="CNY"
    )
    pd.testing.assert_frame_equal(shown["return on quality"].frame, back.frame)


def test_chosen_actions_stay_within_the_budget_and_keep_their_links():
    """From the files alone."""
    asked = load_study("data/sample")
    found = asked.results("en").decisions.choice
    actions = pd.read_csv(SAMPLE / "actions.csv").set_index("action")
    chosen = set(found.chosen)
    assert actions.loc[list(chosen), "cost"].sum() <= asked.decisions.actions.budget
    for name, row in actions.fillna("").iterrows():
        if name in chosen:
            assert set(filter(None, row["needs"].split(";"))) <= chosen
            assert not set(filter(None, row["excludes"].split(";"))) & chosen


def test_what_counts_for_actions_is_what_the_study_says(study, sample_results):
    """By points, by the drivers or by expectations: each chooses by its own importance."""
    read = read_actions(SAMPLE / "actions.csv", load_instrument("servqual-22"))
    points = "tangibles = 60\nreliability = 10\nresponsiveness = 10\nassurance = 10\nempathy = 10\n"
    text = f'{ACTIONS}importance = "points"\n[importance]\n{points}'
    by_points = load_study(write(study, text)).results("en").decisions.choice
    wanted = {"tangibles": 60, "reliability": 10, "responsiveness": 10, "assurance": 10, "empathy": 10}
    assert by_points.chosen == choose_actions(read, 1_000_000, importance=wanted).chosen
    stated = load_study(write(study, PRIORITIES + ACTIONS)).results("en").decisions
    frame = stated.ranking.frame
    importance, room = (dict(zip(frame["item"], frame[name], strict=True)) for name in ("importance", "shortfall"))
    assert stated.choice.chosen == choose_actions(read, 1_000_000, importance=importance, room=room).chosen


def test_importance_may_be_derived_from_the_outcome_of_the_drivers(sample_results):
    from dataclasses import replace

    given = sample_results["en"].decisions
    asked = replace(
        given.asked, priorities=replace(given.asked.priorities, importance="derived", of="dimensions", owners={})
    )
    made = replace(given, asked=asked).ranking
    direct = priorities(given.customers.responses, importance="derived", outcome="satisfaction", of="dimensions")
    pd.testing.assert_frame_equal(made.frame, direct.frame)


# --- the report --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_page_ends_its_answers_with_the_ranked_list_and_its_chances(sample_results, sample_reports, language):
    ranking = sample_results[language].decisions.ranking
    said = words_of(section(sample_reports[language], "in short"))
    lines = said.splitlines()
    at = lines.index(word("ranked in short", language))
    first = ranking.ranking()[:3]
    assert lines[at + 1 : at + 4] == [ranking.sentence(item) for item in first]
    answer = next(line for line in lines if line.startswith(word("answer first", language, said="")))
    assert all(ranking.label(item) in answer for item in first)
    choice = sample_results[language].decisions.choice
    assert (
        word("choice in short", language, n=len(choice.chosen), k=len(choice.frame), budget="3,600,000 CNY") in answer
    )
    assert at < lines.index(word("settled", language))
    taken = choice.frame[choice.frame["chosen"]].sort_values("chance", ascending=False, kind="stable")
    labels = [choice.actions.label(action) for action in taken["action"]]
    assert all(label in answer for label in labels[:3]), "the three surest"
    assert not any(label in answer for label in labels[3:])
    assert f"{choice.regret:.3f}" in answer


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_actions_are_not_listed_again_under_every_picture(sample_reports, sample_results, language):
    choice = sample_results[language].decisions.choice
    said = [block.alt for block in section(sample_reports[language], "act").blocks if isinstance(block, Picture)]
    assert len(said) == 2
    assert not any(choice.sentence() in alt for alt in said)
    assert f"{choice.benefit:.3f}" in said[1], "the frontier tells what the budget brings"


@pytest.mark.parametrize(
    ("language", "cost", "budget"), [("en", "cost (CNY)", "budget (CNY)"), ("zh", "成本（CNY）", "预算（CNY）")]
)
def test_no_amount_stands_without_its_currency(sample_reports, language, cost, budget):
    act = section(sample_reports[language], "act")
    shown = [set(block.result.shown().columns) for block in act.blocks if isinstance(block, Table)]
    assert [cost in columns or budget in columns for columns in shown] == [True] * 3
    said = words_of(act)
    assert "3,600,000 CNY" in said
    assert not re.search(r"\d,\d{3}(?!,?\d)(?! CNY)", said), "every amount of money in the section"


def test_rules_in_short_count_every_item_once(found):
    counts = RuleCounts.of(found.quadrants)
    rules = found.quadrants.rules().frame.set_index("item")
    own = found.quadrants.frame.set_index("item")["quadrant"]
    for _, row in counts.frame.iterrows():
        told = row.drop(["rule", "elsewhere"])
        assert told.sum() == len(own)
        assert told.to_dict() == {name: int((rules[row["rule"]] == name).sum()) for name in told.index}
        assert row["elsewhere"] == int((rules[row["rule"]] != own).sum())
    assert counts.frame.set_index("rule").loc["mean", "elsewhere"] == 0
    assert counts.in_language("zh").title() != counts.title()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_judged_or_assumed_is_called_so(sample_reports, language):
    report = sample_reports[language]
    assert ("judgements of those who proposed them" if language == "en" else "均为提出者的判断") in words_of(
        section(report, "act")
    )
    boxes = [
        block.text
        for block in section(report, "brings back").blocks
        if isinstance(block, Paragraph) and block.tone == "caution"
    ]
    assert any(("assumed here, not measured" if language == "en" else "假定，并非测量所得") in text for text in boxes)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_made_up_levels_of_listening_are_called_so_first(sample_reports, language):
    part = section(sample_reports[language], "heard")
    assert part.blocks[0].tone == "caution"
    assert ("ILLUSTRATIVE VALUES" if language == "en" else "示例数值") in part.blocks[0].text
    shown = tables(sample_reports[language])
    for name in ("who is heard", "smallest sets of means", "listening matrix"):
        said = shown[name].title() + shown[name].note()
        assert ("illustrative" if language == "en" else "示例数值") in said.lower(), name


def test_an_own_matrix_of_listening_bears_no_such_label(study):
    table = "means,kind,business,private\ncall backs,active,2,1\nvisits,active,0,2\n"
    (study / "means.csv").write_text(table, encoding="utf-8")
    report = load_study(write(study, '[listening]\nmatrix = "means.csv"\n')).report()
    part = section(report, "heard")
    assert "ILLUSTRATIVE" not in words_of(part)
    assert "coverage by year" not in tables(report), "the matrix names no years"
    assert "means.csv" in report.to_html(), "its checksum is on record"


def test_a_single_rater_of_weak_links_is_not_shown(study):
    links = pd.read_csv(study / "weak_links.csv")
    links[links["rater"] == links["rater"].iloc[0]].to_csv(study / "weak_links.csv", index=False)
    report = load_study(write(study, LINKS)).report()
    assert "Only one person rated the links" in words_of(section(report, "heard"))
    assert "weak links" not in tables(report)


def test_nothing_is_ranked_of_too_few(study):
    answers = pd.read_csv(study / "answers.csv").head(4)
    answers.to_csv(study / "answers.csv", index=False)
    report = load_study(write(study, PRIORITIES)).report()
    said = words_of(section(report, "improve first"))
    assert "fewer than 5" in said or "too few" in said
    assert "ranked list" not in tables(report)
    assert word("ranked in short", "en") not in words_of(section(report, "in short"))


def test_a_study_without_decisions_has_no_section_of_them(study):
    report = load_study(write(study, "")).report()
    assert all(section(report, key) is None for key in ("improve first", "act", "brings back", "heard"))


def test_return_alone_needs_no_ranking(study):
    report = load_study(write(study, RETURN)).report()
    assert section(report, "brings back") is not None
    assert section(report, "improve first") is None
