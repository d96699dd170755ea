"""Causes in study.toml and in the report: read strictly, the assumption told apart, and nobody given away."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from servqual import causes
from servqual.complaints import complaint_clusters, complaint_shares, read_complaints
from servqual.diagnosis import compare_staff, diagnose, read_item_levels
from servqual.instruments import load_instrument
from servqual.report import Paragraph, Picture, Points, Table
from servqual.report.words import not_measured, word
from servqual.responses import read_responses
from servqual.study import load_study, new_study
from survey_design.errors import SpecError
from survey_design.sampling import SampleDesign

SAMPLE = Path("data/sample")
START = 'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\nclusters = "store"\n[validity]\nskip = true\n'
MANAGERS = '[managers]\nfile = "managers.csv"\nrespondent = "manager"\n'
STAFF = '[staff]\nfile = "staff.csv"\nrespondent = "staff"\nclusters = "store"\n'
STANDARDS = '[standards]\nfile = "standards.csv"\n'
PROMISES = '[promises]\nfile = "promises.csv"\nseveral = "channel"\n'
COMPLAINTS = '[complaints]\nfile = "complaints.csv"\nfaults = "set aside"\nuntil = 2027-01-01\n'
PHONE = "13800000000"
FORMULA = '=HYPERLINK("http://example.org","press")'
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def study(tmp_path):
    """Twelve invented respondents, and what stands behind the gaps of the sample study."""
    folder = tmp_path / "study"
    new_study(folder)
    for name in ("managers.csv", "staff.csv", "standards.csv", "promises.csv", "complaints.csv"):
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def found(sample_results):
    return sample_results["en"].causes


def write(folder, text):
    (folder / "study.toml").write_text(START + text, encoding="utf-8")
    return folder


def changed(folder, name, change):
    path = folder / name
    change(pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")).to_csv(path, index=False)


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
        ("[managers]\n", r"\[managers\] file: the key is missing"),
        ('[managers]\nfile = "bosses.csv"', r"'bosses.csv' is not in the study's folder"),
        (MANAGERS + "respondnt = 1", r"\[managers\], key 'respondnt'.*Did you mean 'respondent'\?"),
        (STANDARDS + 'reviewr = "x"', r"\[standards\], key 'reviewr'.*Did you mean 'reviewer'\?"),
        (STANDARDS + 'faults = "ignore"', r"\[standards\] faults"),
        ("[promises]\n", r'\[promises\] file: the key is missing; add file = "promises.csv"'),
        (COMPLAINTS + 'columns = "x"', r"\[complaints\] columns: 'x' is not names"),
        ('[complaints]\nfile = "complaints.csv"\nuntil = 2026', r"\[complaints\] until: 2026 is not a day"),
        ('[complaints]\nfile = "complaints.csv"\nuntil = "July"', r"\[complaints\] until: 'July' is not a day"),
        (COMPLAINTS + "limits = 48", r"\[complaints.limits\]: 48 is not a table"),
        (COMPLAINTS + 'limits = { store = "48" }', r"\[complaints.limits\] store: solve = '48' is not a number of hours"),
        (COMPLAINTS + "limits = { store = { solved = 48 } }", r"key 'solved'.*Did you mean 'solve'\?"),
        ("[diagnosis]\nfloor = 9", r"\[diagnosis\] floor: 9 is not a level from 1 to under 7"),
        ('[diagnosis.indicators]\nREL1 = ["handling"]', r"\[diagnosis.indicators\]: there are no visits it belongs to"),
        ("[diagnosis]\nindicator = 1", r"\[diagnosis\], key 'indicator'.*Did you mean 'indicators'\?"),
    ],
)  # fmt: skip
def test_settings_are_read_strictly(study, text, message):
    with pytest.raises(SpecError, match=message):
        load_study(write(study, text))


def test_items_and_indicators_that_are_unknown_are_named(tmp_path):
    text = (SAMPLE / "study.toml").read_text(encoding="utf-8")
    for path in SAMPLE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "study.toml").write_text(text.replace("TAN2 = [", "TAN9 = ["), encoding="utf-8")
    with pytest.raises(SpecError, match=r"\[diagnosis.indicators\], key 'TAN9'.*Did you mean 'TAN"):
        load_study(tmp_path)
    (tmp_path / "study.toml").write_text(text.replace('TAN3 = ["appearance"]', 'TAN3 = ["looks"]'), encoding="utf-8")
    asked = load_study(tmp_path)
    inspection = asked._inspected(asked.inspection, asked.read(), "en")
    with pytest.raises(SpecError, match="indicators 'looks' are not on the checklist"):
        replace(asked.causes.results("en", _customers(asked)), inspection=inspection).kept


def _customers(asked):
    from servqual.customers import Customers

    return Customers(asked.read())


def test_the_skeleton_of_a_new_study_names_every_key(tmp_path):
    new_study(tmp_path / "new")
    text = (tmp_path / "new" / "study.toml").read_text(encoding="utf-8")
    for table, keys in (
        ("standards", causes._LEVELS),
        ("complaints", causes._COMPLAINTS),
        ("diagnosis", causes._DIAGNOSIS),
    ):
        part = re.split(rf"^# \[{table}\]", text, flags=re.MULTILINE)[1].split("\n# [")[0].split("\n[")[0]
        assert sorted(re.findall(r"^# ([a-z_]+) = ", part, flags=re.MULTILINE)) == sorted(keys), table
    assert {"[managers]", "[staff]", "[promises]"} <= set(re.findall(r"^# (\[\w+\])", text, flags=re.MULTILINE))


def test_the_settings_are_on_record():
    told = load_study("data/sample").settings()
    assert told["[complaints] until"] == "2027-01-01"
    assert told["[diagnosis] indicators"].startswith("TAN1 = {experience_area, cleanliness}")
    assert "store = {dispatch = 8, solve = 48}" in told["[complaints] limits"]


# --- check -------------------------------------------------------------------------------------------------


def test_check_counts_what_is_kept_in_every_file(study):
    found = load_study(write(study, MANAGERS + STAFF + STANDARDS + PROMISES + COMPLAINTS)).check()
    assert found.ok, found.problems
    told = "\n".join(found.notes)
    for said in ("managers.csv: 36 of 36 rows kept", "staff.csv: 200 of 200", "standards.csv: 4 reviewers, 20 of 22 items",
                 "promises.csv: 5 reviewers", "complaints.csv: 397 of 399 complaints kept, 5 faults set aside"):  # fmt: skip
        assert said in told
    assert any("complaints.csv: personal data, masked on reading (40 cells)" in each for each in found.warnings)


def test_check_goes_through_all_files_and_names_every_fault(study):
    changed(study, "managers.csv", lambda frame: frame.assign(E_REL1=["9", *frame["E_REL1"][1:]]))
    changed(study, "standards.csv", lambda frame: frame.assign(item=["REL9", *frame["item"][1:]]))
    changed(study, "complaints.csv", lambda frame: frame.assign(received=["soon", *frame["received"][1:]]))
    found = load_study(write(study, MANAGERS + STANDARDS + COMPLAINTS.replace('"set aside"', '"raise"'))).check()
    told = "\n".join(found.problems)
    assert "managers.csv: 1 faulty cell" in told
    assert "standards.csv: 1 cell can't be used. item: not an item of the instrument ('REL9' in row 2)" in told
    assert "complaints.csv" in told
    assert {"managers.csv", "standards.csv", "complaints.csv"} <= set(found.cases["file"])


def test_columns_that_are_lacking_are_named(study):
    changed(study, "promises.csv", lambda frame: frame.drop(columns="level"))
    found = load_study(write(study, PROMISES)).check()
    assert any("promises.csv" in each and "'level'" in each for each in found.problems)


# --- the numbers are those of the verbs --------------------------------------------------------------------


def test_the_report_holds_the_tables_of_the_verbs(sample_results, sample_reports):
    responses, instrument = sample_results["en"].responses, load_instrument("servqual-22")
    managers = read_responses(SAMPLE / "managers.csv", instrument, respondent="manager")
    standards = read_item_levels(SAMPLE / "standards.csv", instrument)
    promises = read_item_levels(SAMPLE / "promises.csv", instrument, several="channel")
    made = sample_results["en"].causes
    direct = diagnose(responses, managers=managers, standards=standards, promises=promises, kept=made.kept)
    shown = tables(sample_reports["en"])
    for name, table in (("five gaps by dimension", direct.dimensions), ("five gaps by item", direct.items),
                        ("waterfall with the assumption", direct.waterfall)):  # fmt: skip
        pd.testing.assert_frame_equal(shown[name].frame, table.frame)
    design = SampleDesign(strata="tier", clusters="store", weight="weight", population="stores_in_tier")
    staff = read_responses(SAMPLE / "staff.csv", instrument, design, respondent="staff")
    pd.testing.assert_frame_equal(
        shown["staff against customers"].frame, compare_staff(responses, staff).dimensions.frame
    )
    complaints = read_complaints(SAMPLE / "complaints.csv", instrument, until="2027-01-01", faults="set aside")
    pd.testing.assert_frame_equal(
        shown["complaints by dimension"].frame, complaint_shares(complaints, of="dimension").frame
    )
    pd.testing.assert_frame_equal(shown["complaint clusters"].frame, complaint_clusters(complaints).frame)


def test_gaps_without_what_is_delivered_do_not_move_with_the_assumption(found):
    """Knowledge, standards and the customer gap are the same whether inspections are turned into points or not, and from any floor."""
    columns = ["dimension", "finding", "gap", "se", "low", "high", "p_adjusted"]
    other = diagnose(found.customers.responses, managers=found.managers, standards=found.standards, promises=found.promises,
                     kept=found.kept, floor=4)  # fmt: skip
    wanted = found.plain.dimensions.frame.query("finding in ['knowledge', 'standards', 'customer']")[
        columns
    ].reset_index(drop=True)
    for table in (found.diagnosis, other):
        same = table.dimensions.frame.query("finding in ['knowledge', 'standards', 'customer']")[columns].reset_index(
            drop=True
        )
        pd.testing.assert_frame_equal(wanted, same)
    moved = [table.total.finding("mean", "delivery")["gap"] for table in (found.diagnosis, other)]
    assert moved[0] < moved[1] < 0


def test_the_waterfall_without_assumption_adds_up_and_knows_nothing_of_inspections(found):
    rows = found.plain.waterfall.rows().set_index("step")["gap"]
    assert list(rows.index) == ["knowledge", "standards", "delivery+perception", "customer"]
    assert rows[:-1].sum() == pytest.approx(rows["customer"], abs=1e-12)


def test_what_is_promised_beyond_the_standards_is_the_difference_of_the_reviewers(found):
    """By pandas from the two files: mean of each item's readings, their difference, mean over the dimension, mean of dimensions."""
    standards = pd.read_csv(SAMPLE / "standards.csv").groupby("item")["level"].mean()
    promises = pd.read_csv(SAMPLE / "promises.csv")
    promised = promises.groupby(["item", "reviewer"])["level"].mean().groupby("item").mean()
    beyond = (standards - promised).dropna()
    by_dimension = beyond.groupby(beyond.index.str[:3]).mean()
    row = found.at_best.total.finding("mean", "communication")
    assert row["gap"] == pytest.approx(by_dimension.mean(), abs=1e-12)
    assert row["items"] == len(beyond)
    assert found.at_best.total.finding("mean", "delivery")["gap"] == 0


def test_a_floor_of_the_study_is_used(study):
    text = (SAMPLE / "study.toml").read_text(encoding="utf-8")
    assert load_study(SAMPLE).causes.floor is None
    assert "floor" not in text
    asked = load_study(write(study, STANDARDS + "[diagnosis]\nfloor = 3\n"))
    assert asked.causes.floor == 3.0


# --- the report --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_assumption_stands_beside_the_picture_that_rests_on_it(sample_results, sample_reports, language):
    part = section(sample_reports[language], "five gaps")
    made = sample_results[language].causes
    kinds = [(type(block), block) for block in part.blocks]
    pictures = [k for k, (kind, _) in enumerate(kinds) if kind is Picture]
    assumed = next(k for k, (kind, block) in enumerate(kinds) if kind is Paragraph and block.tone == "caution")
    assert pictures[0] < assumed < pictures[1], "first what does not hang on it"
    said = kinds[assumed][1].text
    assert ("Nobody measured that" if language == "en" else "未经测量") in said
    steps = made.diagnosis.waterfall.by_item.query("step != 'customer'")
    worst = steps.loc[steps.groupby("id")["gap"].idxmin(), "step"].eq("delivery")
    counted = (
        f"of {int(worst.sum())} of {len(worst)} items"
        if language == "en"
        else f"{len(worst)} 个题项中有 {int(worst.sum())} 个"
    )
    assert counted in said
    assert ("points more than is delivered" if language == "en" else "顾客感知比实际提供高") in said
    assert made.diagnosis.waterfall.turn_words() in words_of(part)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_page_gives_one_answer_to_why_and_names_what_hangs_on_an_assumption(
    sample_reports, sample_results, language
):
    said = words_of(section(sample_reports[language], "in short"))
    why = next(line for line in said.splitlines() if line.startswith(word("answer why", language, said="")))
    fall = sample_results[language].causes.plain.waterfall
    top = fall.rows().sort_values("largest", ascending=False).iloc[0]
    assert fall.step_words()[top["step"]][language] in why
    assert f"{100 * top['largest']:.0f}%" in why
    for step, gap in fall.rows().query("step != 'customer'").set_index("step")["gap"].items():
        shown = f"{gap:+.2f}".replace("-", "−")
        assert re.search(f"{fall.step_words()[step][language]}[^,、]*{re.escape(shown)}", why), (
            "every step with its number"
        )
    assert word("why joined", language, steps=fall.step_words()["delivery+perception"][language]) in why
    assert word("why assumed", language, section=word("five gaps", language)) in why
    rows = sample_results[language].causes.diagnosis.waterfall.rows().set_index("step")["gap"]
    for step in ("delivery", "perception"):
        assert f"{abs(rows[step]):.2f}" not in why, "a second answer to one question"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_sections_are_there_in_the_order_of_a_readers_questions(sample_reports, language):
    keys = ["in short", "told us", "gaps", "shoppers", "five gaps", "staff", "complaints", "sources agree", "moves satisfaction",
            "improve first", "act", "brings back", "heard", "sound", "trust", "not measured", "provenance"]  # fmt: skip
    titles = [part.title for part in sample_reports[language].sections]
    at = [titles.index(word(key, language)) for key in keys]
    assert at == sorted(at)


def test_what_was_measured_is_not_listed_as_missing(sample_reports):
    entries = section(sample_reports["en"], "not measured").blocks[-1].entries
    names = {entry.name for entry in entries}
    lacking = not_measured()
    keys = ("managers", "staff", "standards", "promises", "tickets")
    assert not names & {lacking[key]["name"]["en"] for key in keys}


def test_of_managers_and_staff_only_those_who_were_not_asked_are_missing(study):
    names = {
        entry.name
        for entry in section(load_study(write(study, MANAGERS + STANDARDS)).report(), "not measured").blocks[-1].entries
    }
    lacking = {key: not_measured()[key]["name"]["en"] for key in ("managers", "staff", "standards", "promises")}
    assert {key for key, name in lacking.items() if name in names} == {"staff", "promises"}


def test_a_limit_of_a_department_without_complaints_is_told(study):
    text = COMPLAINTS + "[complaints.limits]\nshop = 48\nstore = 48\n"
    told = [each for each in load_study(write(study, text)).check().warnings if "[complaints.limits]" in each]
    assert len(told) == 1
    assert "'shop'" in told[0]
    assert "'store'" not in told[0]
    assert "Departments: " in told[0]


def test_cells_of_a_file_that_is_not_used_are_found_not_set_aside(study):
    changed(study, "managers.csv", lambda frame: frame.assign(E_REL1=["9", *frame["E_REL1"][1:]]))
    assert "managers.csv: 36 rows read, 1 faulty cell found." in load_study(write(study, MANAGERS)).check().notes
    aside = load_study(write(study, MANAGERS + 'faults = "set aside"\n')).check()
    assert any(note.startswith("managers.csv") and note.endswith("1 faulty cell set aside.") for note in aside.notes)


def test_a_problem_is_told_in_the_words_of_the_study_file(study):
    changed(study, "standards.csv", lambda frame: frame.assign(level=["soon", *frame["level"][1:]]))
    changed(study, "complaints.csv", lambda frame: frame.assign(received=["soon", *frame["received"][1:]]))
    told = "\n".join(
        load_study(write(study, STANDARDS + COMPLAINTS.replace('"set aside"', '"raise"'))).check().problems
    )
    assert "standards.csv" in told
    assert "complaints.csv" in told
    assert "faults='" not in told
    assert ".cases" not in told


def test_managers_may_be_asked_of_fewer_items(study):
    """The items stand among what was not measured; the other numbers are those of a study whose instrument lacks them."""
    changed(study, "managers.csv", lambda frame: frame.drop(columns=["E_REL1", "E_REL2"]))
    made = load_study(write(study, MANAGERS))
    found = made.check()
    assert found.ok, found.problems
    assert "managers.csv: no column of 2 of 22 items, taken as not asked (REL1, REL2)." in found.warnings
    lacks = made.results().causes.plain.not_measured.frame.query("finding == 'knowledge'")
    assert lacks["items"].tolist() == ["REL1, REL2"]
    changed(study, "managers.csv", lambda frame: frame.rename(columns=lambda name: name.replace("E_", "expected_")))
    told = load_study(study).check()
    assert not told.ok, "no item has a column: the columns are named otherwise"
    assert "managers.csv lacks 22 columns" in told.problems[0]


def test_a_missing_file_is_not_taken_for_one_that_is_not_like_it(study):
    with pytest.raises(SpecError, match=r"'complains.csv' is not in the study's folder.*Did you mean 'complaints.csv'"):
        load_study(write(study, COMPLAINTS.replace("complaints.csv", "complains.csv")))
    with pytest.raises(SpecError) as raised:
        load_study(write(study, PROMISES.replace("promises.csv", "experts.csv")))
    assert "Did you mean" not in str(raised.value)


def test_a_study_without_causes_has_no_section_of_them(study):
    report = load_study(write(study, "")).report()
    assert all(section(report, key) is None for key in ("five gaps", "staff", "complaints", "sources agree"))
    names = {entry.name for entry in section(report, "not measured").blocks[-1].entries}
    assert {not_measured()[key]["name"]["en"] for key in ("staff", "standards", "promises", "tickets")} <= names


@pytest.mark.parametrize("text", [MANAGERS, STANDARDS, PROMISES, STAFF, COMPLAINTS, MANAGERS + STANDARDS])
def test_any_of_the_sources_may_be_all_there_is(study, text):
    report = load_study(write(study, text)).report()
    assert report.to_html()
    present = {key for key in ("five gaps", "staff", "complaints", "sources agree") if section(report, key) is not None}
    wanted = {MANAGERS: {"five gaps"}, STANDARDS: {"five gaps"}, PROMISES: {"five gaps"}, STAFF: {"staff"}}
    if text in wanted:
        assert wanted[text] <= present
    if text == COMPLAINTS:
        assert {"complaints", "sources agree"} <= present


def test_a_study_without_expectations_has_no_five_gaps(study):
    changed(study, "answers.csv", lambda frame: frame.drop(columns=[name for name in frame if name.startswith("E_")]))
    (study / "study.toml").write_text(
        'instrument = "servqual-22"\n[perception]\nfile = "answers.csv"\n[expected]\nall = 6\n[validity]\nskip = true\n' + MANAGERS,
        encoding="utf-8",
    )  # fmt: skip
    report = load_study(study).report()
    assert section(report, "five gaps") is None


# --- small groups, and what people wrote -------------------------------------------------------------------


def test_few_managers_and_staff_are_not_shown(study):
    changed(study, "managers.csv", lambda frame: frame.head(4))
    changed(study, "staff.csv", lambda frame: frame.head(4))
    report = load_study(write(study, MANAGERS + STANDARDS + STAFF)).report()
    said = words_of(section(report, "five gaps"))
    assert "Of managers fewer than 5 answered" in said
    assert "knowledge" not in {*tables(report)["five gaps by dimension"].frame["finding"]}
    assert words_of(section(report, "staff")) == "Of staff fewer than 5 answered: they are not shown."
    assert "staff against customers" not in tables(report)


def test_few_complaints_are_not_shown(study):
    changed(study, "complaints.csv", lambda frame: frame.head(3))
    report = load_study(write(study, COMPLAINTS)).report()
    assert "fewer than 5" in words_of(section(report, "complaints"))
    assert not {name for name in tables(report) if name.startswith("complaint")}
    assert section(report, "sources agree") is None


def test_departments_of_few_complaints_are_left_out_with_one_that_would_give_them_away(study):
    def few(frame):
        small = frame["department"] == "logistics"
        return frame[~small | (small.cumsum() <= 3)]

    changed(study, "complaints.csv", few)
    limits = '[complaints.limits]\n"*" = { dispatch = 8, solve = 48 }\n'
    report = load_study(write(study, COMPLAINTS + limits)).report()
    shown = set(tables(report)["time limits"].frame["department"])
    everybody = {"store", "billing", "logistics", "after_sales", "customer_care"}
    assert "logistics" not in shown
    assert len(everybody - shown) >= 2, "one alone follows from the total"
    assert "logistics" not in set(tables(report)["promises to those who complained"].frame["department"])


def test_what_complainants_wrote_does_nothing_and_gives_nobody_away(study):
    def hostile(frame):
        return frame.assign(text=[f"{SCRIPT} call {PHONE}", FORMULA] * (len(frame) // 2) + [""] * (len(frame) % 2))

    changed(study, "complaints.csv", hostile)
    report = load_study(write(study, COMPLAINTS)).report()
    page = BeautifulSoup(report.to_html(), "html.parser")
    assert page.find("script") is None
    assert PHONE not in page.text
    quoted = tables(report)["complaints verbatim"]
    assert not {"statement", "session", "speaker"} & set(quoted.frame.columns)
    assert not any(cell.startswith("=") for line in quoted.to_csv().splitlines() for cell in line.split(","))


def test_no_complaint_is_quoted_that_stands_nearly_alone(sample_reports, found):
    assert found.digest.frame["of"].min() < 5, "the sample has one on tangibles"
    assert tables(sample_reports["en"])["complaints verbatim"].frame["of"].min() >= 5


def test_no_store_is_named_among_complaints_and_staff(sample_reports):
    shown = [
        block.result
        for key in ("complaints", "staff")
        for block in section(sample_reports["en"], key).blocks
        if isinstance(block, Table)
    ]
    assert shown
    for table in shown:
        assert "store" not in table.frame.columns
        assert not re.search(r"\bS\d{3}\b", table.to_csv())
