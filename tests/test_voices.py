"""Voices and drivers in study.toml and in the report: read strictly, told with their base, and nobody given away."""

import re
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from servqual import focus
from servqual.drivers import drivers, penalty_reward
from servqual.gaps import score_performance
from servqual.report import Points, Table
from servqual.report.words import not_measured
from servqual.study import load_study, new_study
from survey_design.errors import DataError, SpecError

SAMPLE = Path("data/sample")
START = 'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\nclusters = "store"\n[validity]\nskip = true\n'
SAID = '[statements]\nfile = "statements.csv"\n'
EXPERTS = '[experts]\nfile = "experts.csv"\n'
MOVES = '[drivers]\noutcome = "satisfaction"\n'
PHONE = "13800000000"
FORMULA = '=HYPERLINK("http://example.org","press")'
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def study(tmp_path):
    """Twelve invented respondents, what was said in eight focus groups, and experts' points."""
    folder = tmp_path / "study"
    new_study(folder)
    answers = pd.read_csv(folder / "answers.csv")
    mood = answers.filter(like="P_").mean(axis=1)
    answers.assign(satisfaction=mood.round().astype(int)).to_csv(folder / "answers.csv", index=False)
    for name in ("statements.csv", "experts.csv"):
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def sample(sample_results):
    return sample_results


@pytest.fixture(scope="module")
def reports(sample_reports):
    return sample_reports


def write(folder, text):
    (folder / "study.toml").write_text(START + text, encoding="utf-8")
    return folder


def changed(folder, name, change):
    path = folder / name
    change(pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")).to_csv(path, index=False)


def tables(report):
    return {
        block.name: block.result for section in report.sections for block in section.blocks if isinstance(block, Table)
    }


def section(report, title):
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
        ("[statements]\n", r"\[statements\] file: the key is missing; add file = \"statements.csv\""),
        ('[statements]\nfile = "said.csv"', r"'said.csv' is not in the study's folder"),
        ('[statements]\nfile = "../x.csv"', r"\[statements\] file"),
        (SAID + 'code_fame = "general"', r"key 'code_fame'.*Did you mean 'code_frame'\?"),
        (SAID + 'code_frame = "generl"', r"\[statements\] code_frame: .*generl"),
        (SAID + 'faults = "ignore"', r"\[statements\] faults"),
        (SAID + "columns = { a = 1 }", r"\[statements\] columns: .* is not names"),
        (SAID + "sheet = true", r"\[statements\] sheet: True is neither a name nor a number"),
        (SAID + 'dimensions = { service_standards = "reliabilty" }', r"is no dimension of servqual-22.*Did you mean 'reliability'\?"),
        (SAID + "dimensions = 3", r"\[statements\] dimensions: 3 is not names"),
        ('statements = "x"', r"\[validity\], key 'statements'"),
        (EXPERTS + 'method = "ahp"', r"\[experts\] method: .*'ahp'"),
        (EXPERTS + 'method = "points"\nround = "round"', r"\[experts\] round: points asked once have no rounds"),
        ("[drivers]\n", r"\[drivers\] outcome: the key is missing"),
        (MOVES + 'of = "dimension"', r"\[drivers\] of: .*Did you mean 'dimensions'\?"),
        (MOVES + 'method = "shaply"', r"\[drivers\] method: .*Did you mean 'shapley'\?"),
        (MOVES + 'kano = { delivery = ["one"] }', r"\[drivers\] kano, 'delivery': \['one'\] is not two columns"),
        (MOVES + 'kano = "delivery"', r"\[drivers\] kano: 'delivery' is not a table"),
    ],
)  # fmt: skip
def test_settings_are_read_strictly(study, text, message):
    with pytest.raises(SpecError, match=message):
        load_study(write(study, text))


def test_the_sample_study_and_its_settings_on_record():
    asked = load_study("data/sample")
    assert asked.voices.statements.dimensions["service_elements.timeliness"] == "responsiveness"
    assert (asked.voices.experts.method, asked.decisions.drivers.outcome) == ("delphi", "satisfaction")
    settings = asked.settings()
    assert settings["[statements] code_frame"] == "general"
    assert settings["[drivers] of"] == "dimensions"


@pytest.mark.parametrize("written", ['"service_elements.timeliness"', "service_elements.timeliness"])
def test_a_code_may_be_named_with_or_without_quotes(study, written):
    asked = load_study(write(study, SAID + f'[statements.dimensions]\n{written} = "responsiveness"'))
    assert asked.voices.statements.dimensions == {"service_elements.timeliness": "responsiveness"}


def test_the_skeleton_of_a_new_study_names_every_key(study, tmp_path):
    from servqual import decisions, voices

    new_study(tmp_path / "new")
    text = (tmp_path / "new" / "study.toml").read_text(encoding="utf-8")
    for table, keys in (
        ("statements", voices._STATEMENTS),
        ("experts", voices._EXPERTS),
        ("drivers", decisions._DRIVERS),
    ):
        part = re.split(rf"^# \[{table}\]", text, flags=re.MULTILINE)[1].split("\n# [")[0].split("\n[")[0]
        assert sorted(re.findall(r"^# ([a-z_]+) = ", part, flags=re.MULTILINE)) == sorted(keys), table


def test_a_study_without_voices_has_no_section_of_them_and_says_what_they_would_need(study):
    report = load_study(write(study, "")).report()
    titles = [each.title for each in report.sections]
    assert not {"What customers told us", "What moves satisfaction"} & set(titles)
    missing = {entry.name for entry in section(report, "Not measured").blocks[-1].entries}
    for key in ("focus", "experts", "drivers"):
        assert not_measured()[key]["name"]["en"] in missing
    assert "Five questions, five answers" not in words_of(report.sections[0])


# --- servqual check ----------------------------------------------------------------------------------------


def test_check_reads_statements_and_experts(study):
    found = load_study(write(study, SAID + EXPERTS)).check()
    assert found.ok, found.problems
    assert "statements.csv: 120 of 120 statements kept." in found.notes
    assert "experts.csv: 36 rows of experts' points read." in found.notes


def test_a_code_that_is_not_in_the_frame_is_a_problem_or_set_aside(study):
    changed(study, "statements.csv", lambda frame: frame.assign(codes_lin=["parking", *frame["codes_lin"][1:]]))
    found = load_study(write(study, SAID)).check()
    assert not found.ok
    assert found.problems[0].startswith("statements.csv")
    assert "parking" in set(found.cases["value"])
    kept = load_study(write(study, SAID + 'faults = "set aside"')).check()
    assert kept.ok
    assert "statements.csv: 120 of 120 statements kept, 1 fault set aside." in kept.notes
    assert "parking" in set(kept.cases["value"])


def test_personal_data_in_statements_are_masked_and_counted(study):
    changed(study, "statements.csv", lambda frame: frame.assign(text=[f"Call {PHONE}", *frame["text"][1:]]))
    asked = load_study(write(study, SAID))
    assert "statements.csv: personal data, masked on reading (1 cell)." in asked.check().warnings
    assert PHONE not in "".join(asked.results().voices.statements.frame["text"])


def test_points_of_experts_must_be_100(study):
    changed(study, "experts.csv", lambda frame: frame.assign(empathy=["50", *frame["empathy"][1:]]))
    found = load_study(write(study, EXPERTS)).check()
    assert not found.ok
    assert found.problems[0].startswith("experts.csv: ")
    assert "must be 100 points" in found.problems[0]


@pytest.mark.parametrize("column", ["round", "expert"])
def test_a_row_of_experts_without_round_or_name_is_refused(study, column):
    """A blank would else be a round, or an expert, of its own."""
    changed(study, "experts.csv", lambda frame: frame.assign(**{column: [*frame[column][:-1], " "]}))
    found = load_study(write(study, EXPERTS)).check()
    assert not found.ok
    assert f"{column} in row 37" in found.problems[0]
    assert found.cases[["file", "row", "column"]].values.tolist() == [["experts.csv", 37, column]]


def test_cells_of_experts_name_their_file(study):
    changed(study, "experts.csv", lambda frame: frame.assign(empathy=["many", *frame["empathy"][1:]]))
    found = load_study(write(study, EXPERTS)).check()
    assert set(found.cases["file"]) == {"experts.csv"}
    assert "indicators=" not in found.problems[0]
    assert "table of points" not in found.problems[0]


def test_a_theme_that_the_code_frame_lacks_is_named_with_its_place(study):
    text = SAID + '[statements.dimensions]\nline = "empathy"\n'
    with pytest.raises(SpecError, match=r"study.toml, \[statements\] dimensions: 'line' is not in the code frame"):
        load_study(write(study, text))


def test_a_column_that_experts_lack_is_named(study):
    changed(study, "experts.csv", lambda frame: frame.drop(columns="empathy"))
    assert "empathy" in load_study(write(study, EXPERTS)).check().problems[0]
    found = load_study(write(study, EXPERTS + 'expert = "who"')).check()
    assert "who" in found.problems[0]


def test_an_outcome_that_is_not_there_is_named_before_a_report_is_written(study):
    found = load_study(write(study, MOVES.replace("satisfaction", "satisfactoin"))).check()
    assert not found.ok
    assert "satisfactoin" in found.problems[0]


# --- what is told ------------------------------------------------------------------------------------------


def test_tables_are_those_of_the_verbs(sample, reports):
    said = focus.read_statements("data/sample/statements.csv")
    shown = tables(reports["en"])
    expected = focus.themes(said).frame.set_index("theme")["share"]
    assert shown["themes"].frame.set_index("theme")["share"].sort_index().equals(expected.sort_index())
    assert shown["demand and actual"].frame.equals(focus.demand_and_actual(said).frame)
    grid = focus.touchpoint_grid(said).matrix()
    assert (shown["touchpoint grid"].frame.set_index("touchpoint").to_numpy() == grid.to_numpy()).all()
    answers = sample["en"].responses
    direct = drivers(answers, outcome="satisfaction")
    assert shown["drivers"].frame["importance"].to_list() == direct.frame["importance"].to_list()
    assert shown["penalty and reward"].frame.equals(penalty_reward(answers, outcome="satisfaction").frame)


def test_stated_importance_is_what_customers_gave(sample, reports):
    points = sample["en"].gaps[0].basis.points
    stated = tables(reports["en"])["drivers"].frame.set_index("driver")["stated"]
    assert (100 * stated).round(6).to_dict() == {name: round(float(mean), 6) for name, mean in points.means.items()}
    weights = tables(reports["zh"])["weights compared"].frame.set_index("indicator")["顾客自述分值"]
    assert weights.round(9).to_dict() == stated.round(9).to_dict()


def test_ranked_by_weights_are_stores_that_may_be_shown(sample, reports):
    means = score_performance(sample["en"].responses, by="store").frame
    whole = means.pivot(index="store", columns="dimension", values="perception").dropna()
    shown = tables(reports["en"])["rankings by weights"].frame
    few = means.groupby("store")["n"].max()
    hidden = set(few[few < 5].index)
    assert shown["n"].iloc[0] <= len(whole) - len(hidden & set(whole.index))
    assert not hidden & set(shown["furthest"])


@pytest.mark.parametrize(("language", "lead"), [
    ("en", ["What do customers want?", "Where is it lost?", "Why?", "What first?", "How sure is it?"]),
    ("zh", ["顾客要什么？", "质量丢在哪里？", "为什么？", "先做什么？", "有多大把握？"]),
])  # fmt: skip
def test_five_questions_are_answered_first_with_their_evidence(reports, language, lead):
    first = next(block for block in reports[language].sections[0].blocks if isinstance(block, Points))
    assert [next(each for each in lead if text.startswith(each)) for text in first.texts] == lead
    assert all(re.search(r"\d", text) for text in first.texts), "no answer without a number"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_part_of_what_customers_told_is_there(reports, language):
    part = section(reports[language], {"en": "What customers told us", "zh": "顾客怎么说"}[language])
    said = words_of(part)
    for wanted in {"en": ("120 statements of 48 speakers in 8 sessions", "invited, not drawn", "unheard", "alpha", "candidate items"),
                   "zh": ("8 场座谈会、48 位发言人的 120 条语句", "邀请而非随机抽取", "未听到", "α", "候选题项")}[language]:  # fmt: skip
        assert wanted in said, wanted
    shown = tables(reports[language])
    assert {"themes", "demand and actual", "touchpoint grid", "themes by segment", "saturation", "coder agreement",
            "verbatim digest", "candidate items"} <= set(shown)  # fmt: skip
    assert "Scale check" not in shown["themes"].note()
    items = shown["candidate items"].frame.set_index("theme")["dimension"]
    assert items["service_elements.timeliness"] == "responsiveness", "the trail leads to the instrument"


def test_quotations_lead_to_nobody_and_run_nothing(study):
    texts = [f"{SCRIPT} {FORMULA}", f"={PHONE}", FORMULA]
    changed(
        study, "statements.csv", lambda frame: frame.assign(text=[f"{texts[k % 3]} {k}" for k in range(len(frame))])
    )
    report = load_study(write(study, SAID)).report()
    digest = next(block for part in report.sections for block in part.blocks
                  if isinstance(block, Table) and block.name == "verbatim digest")  # fmt: skip
    assert not {"session", "speaker", "statement"} & set(digest.result.frame)
    page = report.to_html()
    assert BeautifulSoup(page, "html.parser").find("script") is None
    assert PHONE not in page
    cells = pd.read_csv(pd.io.common.StringIO(digest.result.to_csv()))["text"]
    assert not cells.str.startswith("=").any()


def test_segments_of_few_speakers_are_not_shown(study):
    def few(frame):
        mine = frame["segment"] == "business"
        return frame[~mine | frame["speaker"].isin(["P1"])].head(70)

    changed(study, "statements.csv", few)
    asked = load_study(write(study, SAID))
    people = asked.results().voices.statements.frame.drop_duplicates(["session", "speaker"])["segment"].value_counts()
    assert people["business"] < 5 < people["ordinary"]
    report = asked.report()
    shown = tables(report)
    assert "themes by segment" not in shown
    assert "business customers" not in report.to_html()
    assert "nothing to compare" in words_of(section(report, "What customers told us"))


def test_of_few_speakers_nothing_is_told(study):
    changed(study, "statements.csv", lambda frame: frame.head(6))
    asked = load_study(write(study, SAID))
    part = section(asked.report(), "What customers told us")
    assert [block.text for block in part.blocks] == ["Fewer than 5 people spoke: nothing of it is shown."]
    assert "beyond chance" not in words_of(asked.report().sections[0]).split("\n")[1]


def test_where_nobody_is_named_shares_are_those_of_statements(study):
    changed(study, "statements.csv", lambda frame: frame.drop(columns="speaker"))
    report = load_study(write(study, SAID)).report()
    assert set(tables(report)["themes"].frame["n"]) == {120}
    assert "of 120 statements" in words_of(section(report, "What customers told us"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_coder_without_aspects_or_segments_says_what_is_open(study, language):
    gone = ["codes_zhou", "sentiment_zhou", "sentiment_lin", "aspect", "segment"]
    changed(study, "statements.csv", lambda frame: frame.drop(columns=gone))
    report = load_study(write(study, SAID)).report(language)
    said = words_of(section(report, {"en": "What customers told us", "zh": "顾客怎么说"}[language]))
    assert {"en": "No two people coded the same statements", "zh": "没有两人编码同一批语句"}[language] in said
    assert not {"demand and actual", "themes by segment", "coder agreement"} & set(tables(report))


def test_a_project_of_other_programs_is_read(study):
    focus.write_qdpx(study / "talk.qdpx", focus.read_statements(study / "statements.csv"))
    asked = load_study(write(study, '[statements]\nfile = "talk.qdpx"\ncode_frame = "general"'))
    assert asked.results().voices.statements.n == 120
    with pytest.raises(SpecError, match="a REFI-QDA project has none"):
        load_study(write(study, '[statements]\nfile = "talk.qdpx"\nsheet = 0'))


def test_too_few_answers_for_drivers_are_told(study):
    report = load_study(write(study, MOVES)).report()
    said = words_of(section(report, "What moves satisfaction"))
    assert said.startswith(("How much each dimension goes with", "The answers don't allow it"))
    changed(study, "answers.csv", lambda frame: frame.assign(satisfaction="5"))
    said = words_of(section(load_study(write(study, MOVES)).report(), "What moves satisfaction"))
    assert said.startswith("The answers don't allow it: needs the question on the whole")


def test_pairs_of_questions_are_sorted_by_kano(study):
    changed(study, "answers.csv", lambda frame: frame.assign(yes="1", no=["5", "5", "3"] * 4))
    shown = tables(load_study(write(study, MOVES + 'kano = { delivery = ["yes", "no"] }')).report())
    assert shown["kano"].frame.set_index("feature").loc["delivery", ["O", "A"]].to_list() == [8, 4]
    changed(study, "answers.csv", lambda frame: frame.assign(yes="9"))
    with pytest.raises(DataError, match="yes"):
        load_study(write(study, MOVES + 'kano = { delivery = ["yes", "no"] }')).report()


def test_perceptions_alone_are_explained_too(study):
    changed(study, "answers.csv", lambda frame: frame.drop(columns=[name for name in frame if name.startswith("E_")]))
    text = 'instrument = "servperf-22"\n[perception]\nfile = "answers.csv"\n[validity]\nskip = true\n' + SAID
    (study / "study.toml").write_text(text, encoding="utf-8")
    first = next(block for block in load_study(study).report().sections[0].blocks if isinstance(block, Points))
    assert [text.split("?")[0] for text in first.texts] == ["What do customers want", "Where is it lost"]
