"""Reports: what they hold, that nothing a respondent wrote runs, and that no half of one is ever left."""

import importlib.metadata
import pydoc
import re
import sys
import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import servqual.report.document as document
import survey_design.outputs as files
from servqual.instruments import load_instrument
from servqual.report import Entries, Paragraph, Picture, Points, Report, Table, gap_report
from servqual.report.document import file_name
from servqual.report.words import not_measured, word, words
from servqual.responses import Responses
from servqual.study import load_study, new_study
from survey_design.errors import SpecError
from survey_design.outputs import previous, replace_folder, write_whole
from survey_design.results import Column, Result
from survey_design.sampling import SampleDesign

SCRIPT = "<script>alert('x')</script>"
FORMULA = '=HYPERLINK("http://example.org","press here")'


class Comments(Result):
    """A table of texts, as respondents may write them."""

    def title(self):
        return f"Comments {SCRIPT}"

    def columns(self):
        return (Column("comment", {"en": "comment <b>", "zh": "评论"}),)

    def note(self):
        return SCRIPT


@pytest.fixture
def comments():
    return Comments(pd.DataFrame({"comment": [SCRIPT, FORMULA, "fine"]}))


@pytest.fixture(scope="module")
def sample(sample_reports):
    return sample_reports


@pytest.fixture(scope="module")
def html(sample):
    """Every page as text: to draw its pictures takes seconds."""
    return {language: report.to_html() for language, report in sample.items()}


@pytest.fixture(scope="module")
def pages(html):
    return {language: BeautifulSoup(page, "html.parser") for language, page in html.items()}


def part(page, key, language="en"):
    """The section of a page whose heading has this key in words.toml."""
    return next(each for each in page.find_all("section") if each.h2.text.endswith(f" {word(key, language)}"))


# --- a report is a value -----------------------------------------------------------------------------------


def test_with_section_leaves_the_report_alone():
    empty = Report("Title")
    full = empty.with_section("One", "text")
    assert empty.sections == ()
    assert full.sections[0].blocks == (Paragraph("text"),)


def test_content_is_understood_as_it_comes(comments):
    axes_made = []
    report = Report("T", "zh").with_section("S", "words", ["a", "b"], comments, lambda: axes_made.append(1))
    assert [block.kind for block in report.sections[0].blocks] == ["paragraph", "points", "table", "picture"]
    assert report.sections[0].blocks[2].result.language == "zh"
    assert axes_made == [], "pictures are drawn when the report is written"


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(SpecError, match="section 'S' can't show a int"):
        Report("T").with_section("S", 3)


@pytest.mark.parametrize("name", ["report.docx", "report", "report.HTM"])
def test_other_suffixes_are_refused_naming_what_is_possible(tmp_path, name):
    with pytest.raises(SpecError, match=r"can be saved as \.html"):
        Report("T").save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_unknown_language():
    with pytest.raises(SpecError, match="'en', 'zh'"):
        Report("T", "de")


# --- the page ----------------------------------------------------------------------------------------------


def test_texts_are_escaped_everywhere(comments):
    report = Report(SCRIPT, subtitle=SCRIPT).with_section(SCRIPT, SCRIPT, [SCRIPT], Table(comments, SCRIPT, SCRIPT))
    page = BeautifulSoup(report.to_html(), "html.parser")
    assert page.find("script") is None
    assert page.h1.text == SCRIPT
    assert page.find("td").text == SCRIPT
    assert "<script" not in report.to_html()


def test_page_loads_nothing_and_runs_nothing(pages):
    for page in pages.values():
        assert not page.find_all(["script", "link", "iframe", "object", "embed", "form"])
        sources = [tag["src"] for tag in page.find_all(src=True)]
        assert sources
        assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
        assert all(a["href"].startswith(("#", "https://doi.org/")) for a in page.find_all("a"))
        assert "url(" not in page.style.text
        assert "@import" not in page.style.text
        assert "default-src 'none'" in page.find("meta", attrs={"http-equiv": True})["content"]


def test_contents_lead_to_every_section(pages):
    for page in pages.values():
        targets = [a["href"].removeprefix("#") for a in page.nav.find_all("a")]
        assert targets == [section["id"] for section in page.find_all("section")]


def test_same_input_gives_the_same_bytes(html):
    again = load_study("data/sample").report("en")
    assert html["en"] == again.to_html()


def test_no_place_and_no_date_on_the_page(html):
    text = html["en"]
    assert str(Path.cwd()) not in text
    assert not re.search(r"(?<![\w/.])/(?:home|root|tmp|usr|work|Users)/", text)
    moved = set(pd.read_csv("data/sample/moves.csv")["date"])
    register = {pd.read_csv("data/sample/complaints.csv")["received"].min()[:10], "2027-01-01"}  # from, until
    example = {"2026-03-05"}  # how a date is to be written, said of visits without a usable one
    found = set(re.findall(r"\b20\d\d-\d\d-\d\d\b", text))
    assert found == moved | register | example, (
        "days of what companies did and of the register of complaints, and no other"
    )


def test_pictures_have_words_for_those_who_cannot_see_them(pages):
    for page in pages.values():
        assert all(len(img["alt"]) > 40 for img in page.find_all("img"))
    assert "Reliability" in part(pages["en"], "gaps").img["alt"]
    assert "可靠性" in part(pages["zh"], "gaps", "zh").img["alt"]


def test_missing_jinja_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(SpecError, match=r"servqual\[report\]"):
        Report("T").to_html()


# --- whole or not at all -----------------------------------------------------------------------------------


def stopped(*_):
    raise KeyboardInterrupt


def test_report_before_is_kept_and_a_repeated_run_does_not_push_it_out(tmp_path):
    path = tmp_path / "report.html"
    first, second = (Report("T").with_section("S", text) for text in ("one", "two"))
    for report in (first, second, second):
        report.save(path)
    assert path.read_text(encoding="utf-8") == second.to_html()
    assert previous(path).read_text(encoding="utf-8") == first.to_html()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["report.html", "report.previous.html"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_stopped_run_leaves_the_report_before(tmp_path, monkeypatch, step):
    path = write_whole(tmp_path / "report.html", b"before")
    monkeypatch.setattr(files.os, step, stopped)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"after")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert path.read_bytes() == b"before"


def test_a_run_stopped_while_writing_leaves_no_half_report(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "_WRITERS", {".html": stopped, ".xlsx": stopped})
    with pytest.raises(KeyboardInterrupt):
        Report("T").save(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["_write", "os.rename"])
def test_a_stopped_run_leaves_the_tables_before_whole(tmp_path, monkeypatch, name):
    folder = replace_folder(tmp_path / "tables", {"index.csv": b"file\na.csv\n", "a.csv": b"1"})
    monkeypatch.setattr(f"survey_design.outputs.{name}", stopped)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(folder, {"index.csv": b"file\nb.csv\n", "b.csv": b"2"})
    assert {entry.name for entry in tmp_path.rglob("*.csv")} == {"index.csv", "a.csv"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["tables"]


def test_tables_are_put_back_when_the_new_ones_cannot_take_their_place(tmp_path, monkeypatch):
    folder = replace_folder(tmp_path / "tables", {"index.csv": b"file\na.csv\n", "a.csv": b"1"})
    rename, calls = files.os.rename, []

    def second_fails(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError("disk full")
        rename(source, target)

    monkeypatch.setattr(files.os, "rename", second_fails)
    with pytest.raises(OSError, match="disk full"):
        replace_folder(folder, {"index.csv": b"file\nb.csv\n", "b.csv": b"2"})
    assert (folder / "a.csv").read_bytes() == b"1"


def test_tables_are_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "tables"
    replace_folder(folder, {"index.csv": b"file\nold.csv\n", "old.csv": b"1"})
    replace_folder(folder, {"index.csv": b"file\nnew.csv\n", "new.csv": b"2"})
    assert sorted(entry.name for entry in folder.iterdir()) == ["index.csv", "new.csv"]
    assert (tmp_path / "tables.previous" / "old.csv").read_bytes() == b"1"


def test_a_folder_with_other_files_is_never_moved(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "thesis.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(SpecError, match=r"not written by this program \(thesis.csv\)"):
        replace_folder(folder, {"index.csv": b"file\n"})
    assert (folder / "thesis.csv").read_text(encoding="utf-8") == "mine"


# --- tables beside the report ------------------------------------------------------------------------------


def test_csv_holds_no_formula_and_reads_as_chinese(tmp_path, comments):
    report = Report("T", "zh").with_section("S", Table(comments, "somewhere.compute", "=comments/../评论"))
    report.save_tables(tmp_path / "tables")
    assert sorted(entry.name for entry in (tmp_path / "tables").iterdir()) == ["comments_评论.csv", "index.csv"]
    written = (tmp_path / "tables" / "comments_评论.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert pd.read_csv(tmp_path / "tables" / "comments_评论.csv").loc[1, "comment"] == "'" + FORMULA


def test_two_tables_with_one_name_are_refused(tmp_path, comments):
    report = Report("T").with_section("S", Table(comments, name="a b"), Table(comments, name="a/b"))
    with pytest.raises(SpecError, match="same name"):
        report.save_tables(tmp_path / "tables")


@pytest.mark.parametrize(
    ("name", "safe"), [("../../etc", "etc"), ("a b:c", "a_b_c"), ("地区", "地区"), ("..", "table")]
)
def test_file_names_stay_in_their_folder(name, safe):
    assert file_name(name) == safe


def test_long_tables_are_cut_on_the_page_and_whole_in_the_csv(tmp_path):
    many = Comments(pd.DataFrame({"comment": [f"row {k}" for k in range(70)]}))
    report = Report("T").with_section("S", Table(many, name="many", rows=50))
    page = BeautifulSoup(report.to_html(), "html.parser")
    assert len(page.tbody.find_all("tr")) == 50
    assert "The first 50 of 70 rows" in page.figcaption.text
    report.save_tables(tmp_path / "tables")
    assert len(pd.read_csv(tmp_path / "tables" / "many.csv")) == 70


# --- the gap report ----------------------------------------------------------------------------------------


def test_sections_in_both_languages(pages):
    titles = {language: [h2.text for h2 in page.main.find_all("h2")] for language, page in pages.items()}
    assert titles["en"] == [
        "1 In short", "2 What was asked, and of whom", "3 What came back", "4 What customers told us", "5 The gaps",
        "6 Gaps item by item", "7 Group by group", "8 Single stores", "9 The service as a whole", "10 What the shoppers saw",
        "11 Stores as the visits saw them", "12 How far visits can be trusted", "13 Expected, delivered, perceived",
        "14 Inspection against customers", "15 Competitors", "16 Where quality is lost: the five gaps",
        "17 Staff beside customers", "18 What is complained of", "19 Do the sources agree?", "20 What moves satisfaction",
        "21 What should count: experts, customers, stores", "22 What to improve first", "23 What to do within the budget",
        "24 What it brings back", "25 How customers are heard", "26 Is the scale sound?",
        "27 How far to trust the difference scores", "28 Not measured", "29 Method", "30 Provenance",
    ]  # fmt: skip
    assert titles["zh"][:4] == ["1 要点", "2 问了什么，问了谁", "3 回收情况", "4 顾客怎么说"]


def test_every_finding_carries_its_base_and_interval(pages):
    for language, words_of_interval in (("en", "95% CI"), ("zh", "95% 置信区间")):
        settled = part(pages[language], "in short", language).find("h3", string=word("settled", language))
        findings = [item.text for item in settled.find_next("ul").find_all("li")]
        assert 1 <= len(findings) <= 5
        assert all(words_of_interval in text and re.search(r"n( at least| 至少为| =)", text) for text in findings)


def test_every_table_and_picture_names_a_function_that_exists(sample):
    blocks = [block for section in sample["en"].sections for block in section.blocks]
    named = {block.computed_by for block in blocks if isinstance(block, Table | Picture)}
    methods = tomllib.loads((resources.files("servqual.report") / "methods.toml").read_text(encoding="utf-8"))
    entries = [entry for block in blocks if isinstance(block, Entries) for entry in block.entries]
    functions = {entry.function for entry in entries if entry.function.startswith("servqual.")}
    assert {"servqual.tabulation.row_numbers", "servqual.report.findings.open_comparisons"} <= functions
    for path in named | {method["function"] for method in methods.values()} | functions:
        thing = pydoc.locate(path)
        assert callable(thing) or isinstance(thing, property), path


def test_every_column_of_a_table_of_gaps_has_its_function(pages):
    terms = {term for dt in part(pages["en"], "method").find_all("dt") for term in dt.text.split(", ")}
    assert {"gap", "SE", "low", "high", "df", "p", "p adjusted", "deff", "n"} <= terms


def test_every_word_is_there_in_both_languages_with_the_same_blanks():
    texts = dict(words()) | {f"{key} {part}": thing[part] for key, thing in not_measured().items() for part in thing}
    for key, text in texts.items():
        assert set(text) == {"en", "zh"}, key
        blanks = {language: set(re.findall(r"{(\w+)", text[language])) for language in text}
        assert blanks["zh"] <= blanks["en"], key


def test_no_word_of_the_report_is_left_in_english(pages):
    said = (
        part(pages["zh"], "in short", "zh").text
        + part(pages["zh"], "not measured", "zh").text
        + part(pages["zh"], "single stores", "zh").find("p").text
    )
    assert not re.search(r"\b(the|of|and|is|was|not)\b", said)


def test_ledger_numbers_are_those_of_the_responses(pages):
    study = load_study("data/sample")
    text = part(pages["en"], "came back").text
    for side in study.read().sides:
        assert side.ledger.adds_up()
        assert f"{side.ledger.count('kept'):,}" in text


def test_provenance_names_files_versions_and_the_command(pages):
    text = part(pages["en"], "provenance").text
    for side in load_study("data/sample").read().sides:
        assert side.source.name in text
        assert side.source.sha256 in text
    assert all(
        f"{name} {importlib.metadata.version(name)}" in text for name in ("servqual", "numpy", "pandas", "scipy")
    )
    assert "servqual report study.toml --language en" in text
    assert "[perception] clusters = store" in text
    assert "[perception] selection = " in text


def test_not_measured_lists_what_the_study_lacks(pages):
    text = part(pages["en"], "not measured").text
    assert "Change and targets" in text
    for had in ("Focus groups", "Managers", "Staff", "Service standards", "Promises", "Complaints and tickets"):
        assert had not in text, "the sample has them"
    assert "Mystery visits" not in text, "the sample has them, and competitors' too"
    assert "Competitors" not in text
    assert "Overall judgement" not in text, "the sample asks for overall quality"


def answers(n=6, **more):
    instrument = load_instrument("retail-13")
    given = {column: [7 - k % 2 for k in range(n)] for column in instrument.columns("expectation").values()}
    given |= {
        column: [3 + (k * 7 + j) % 4 for k in range(n)]
        for j, column in enumerate(instrument.columns("perception").values())
    }
    return pd.DataFrame({**given, **more}), instrument


def test_what_respondents_wrote_is_inert_in_page_and_tables(tmp_path):
    from servqual.comparison import compare
    from servqual.gaps import score_gaps

    groups = [SCRIPT, SCRIPT, SCRIPT, FORMULA, FORMULA, FORMULA]
    frame, instrument = answers(6, **{SCRIPT: groups})
    frame["P_attitude"] = frame["P_attitude"].astype(object)
    frame.loc[0, "P_attitude"] = SCRIPT
    frame.loc[1, "P_attitude"] = FORMULA
    responses = Responses(frame, instrument, faults="set aside")
    split = score_gaps(responses, by=SCRIPT)
    report = gap_report(SCRIPT, responses, [score_gaps(responses), split], [compare(split, SCRIPT)], minimum_base=0)
    assert "<script" not in report.to_html()
    assert "alert(&#39;x&#39;)" in report.to_html() or "alert(&#x27;x&#x27;)" in report.to_html()
    for path in report.save_tables(tmp_path / "tables"):
        cells = pd.read_csv(path, dtype=str, keep_default_na=False).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith("=")], path.name


def test_selection_that_is_not_known_is_cautioned_about_at_once(tmp_path):
    new_study(tmp_path / "s")
    report = load_study(tmp_path / "s").report()
    page = BeautifulSoup(report.to_html(), "html.parser")
    assert "No margin of error" in page.find(id="section-1").find(class_="caution").text


def test_gaps_that_only_the_correction_keeps_open_say_so(tmp_path):
    new_study(tmp_path / "s")
    toml = tmp_path / "s" / "study.toml"
    text = toml.read_text(encoding="utf-8").replace("# all = 6", "all = 6").replace("# [expected]", "[expected]")
    toml.write_text(text, encoding="utf-8")
    results = load_study(tmp_path / "s").results()
    table = results.gaps[0].dimensions.frame
    kept_open = (table["p_adjusted"] >= 0.05) & (table["high"] < 0)
    section = results.report().sections[0]
    said = [text for block in section.blocks if isinstance(block, Points) for text in block.texts]
    assert sum("After correction" in text for text in said) == kept_open.sum() > 0


def points(report, section=0):
    return [text for b in report.sections[section].blocks if isinstance(b, Points) for text in b.texts]


def scored(frame, instrument, language="en", by=(), minimum_base=0, **design):
    from servqual.comparison import compare
    from servqual.gaps import score_gaps

    responses = Responses(frame, instrument, SampleDesign(**design))
    split = [score_gaps(responses, by=name) for name in by]
    compared = [compare(scores, name) for scores, name in zip(split, by, strict=True)]
    return gap_report("T", responses, [score_gaps(responses), *split], compared, language, minimum_base=minimum_base)


@pytest.mark.parametrize("design", [{}, {"clusters": "store"}])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_answers_that_are_all_the_same_are_called_untested(language, design):
    frame, instrument = answers(60, store=[f"S{k % 4}" for k in range(60)])
    frame[list(instrument.columns("expectation").values())] = 6
    frame[list(instrument.columns("perception").values())] = 5
    report = scored(frame, instrument, language, ["store"], **design)
    said = "\n".join(points(report))
    page = BeautifulSoup(report.to_html(), "html.parser")
    wrong = {"en": ["told from zero", "not excluded", "what chance explains", "CI"], "zh": ["与零区分", "不能排除"]}
    right = {"en": ["No dimension's gap could be tested", "−1.00", "everyone gave the same answers"], "zh": ["−1.00"]}
    assert not [words for words in wrong[language] if words in said]
    assert not [words for words in right[language] if words not in said]
    assert not re.search("How to read it|读法", page.text)
    assert not re.search("CI|置信区间", page.find(id="section-4").img["alt"])
    none_tested = {"en": "36 of 36 comparisons between groups could not be tested", "zh": "36 个无法检验"}
    assert none_tested[language] in said


def test_only_tested_comparisons_are_counted():
    frame, instrument = answers(9, store=list("aaabbbccc"))
    given = [*instrument.columns("expectation").values(), *instrument.columns("perception").values()]
    frame.loc[:5, given] = 5
    said = "\n".join(points(scored(frame, instrument, by=["store"])))
    assert "10 of 10 comparisons between groups stay" in said, "a and b are flat, c is flat in responsiveness"
    assert "8 of 18 comparisons between groups could not be tested" in said


def test_one_respondent_has_no_interval_and_none_is_explained():
    report = scored(*answers(1))
    assert any("one respondent only, so no interval can be given" in text for text in points(report))
    assert not re.search("How to read it|beyond chance is what remains", report.to_html(), re.IGNORECASE)


def test_one_store_speaks_about_itself_first():
    frame, instrument = answers(8, store="S1")
    report = scored(frame, instrument, clusters="store")
    heading = next(k for k, b in enumerate(report.sections[0].blocks) if getattr(b, "text", "").endswith("not settled"))
    first = report.sections[0].blocks[heading + 1].texts[0]
    assert "everyone comes from one store (S1)" in first
    assert "any other store is not spoken for" in first


def test_the_smallest_n_is_at_least_only_where_others_are_larger():
    frame, instrument = answers(12)
    frame["E_attitude"] = 7
    for language, exact, least in (("en", "CI, n = 12)", "at least"), ("zh", "置信区间，n = 12）", "至少")):
        said = "\n".join(points(scored(frame, instrument, language)))
        assert least not in said
        assert said.count(exact[-8:]) >= 1


def test_chinese_texts_have_full_width_colons(pages):
    assert not re.findall(r"[\u4e00-\u9fff）] ?:", pages["zh"].text)


def test_groups_and_comparisons_keep_to_their_section(pages):
    captions = [caption.text for caption in part(pages["en"], "groups").find_all("caption")]
    assert len(captions) == 8
    assert sum(text.startswith("Differences of the gap") for text in captions) == 2


# --- what came back, pictures of groups, the service as a whole --------------------------------------------


def judged(n=80, seed=1, **changes):
    """Both forms of the same people, and what they say of the whole, which follows their perceptions."""
    dice = np.random.default_rng(seed)
    instrument = load_instrument("servqual-22")
    mood = dice.integers(-1, 2, n)
    data = {name: np.clip(6 + dice.integers(-1, 2, n), 1, 7) for name in instrument.columns("expectation").values()}
    for name in instrument.columns("perception").values():
        data[name] = np.clip(5 + mood + dice.integers(-1, 2, n), 1, 7)
    data |= {"overall_quality": np.clip(5 + mood, 1, 7), "satisfaction": np.clip(5 + mood, 1, 7)}
    data |= {"recommend": np.clip(7 + 2 * mood, 0, 10), "tier": np.resize(list("abcd"), n)}
    return pd.DataFrame({**data, **changes}), instrument


def tables_of(report):
    return {block.name: block for section in report.sections for block in section.blocks if isinstance(block, Table)}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_explains_the_whole_is_compared_on_the_same_people(language):
    from servqual.criterion import compare_scores

    frame, instrument = judged()
    report = scored(frame, instrument, language)
    section = next(each for each in report.sections if each.title in ("The service as a whole", "总体评价"))
    found = compare_scores(Responses(frame, instrument), "overall_quality").in_language(language)
    assert section.blocks[1].texts == tuple(found.sentences())
    tables = tables_of(report)
    assert set(tables["explained"].result.frame["score"]) == {"gap", "performance", "expectation"}
    assert {"explained pairs", "free weights", "satisfaction", "recommendation recommend"} <= set(tables)
    assert float(tables["satisfaction"].result.frame["share"].iloc[0]) == pytest.approx(
        (frame["satisfaction"] >= 6).mean()
    )
    promoters, detractors = (frame["recommend"] >= 9).mean(), (frame["recommend"] <= 6).mean()
    assert float(tables["recommendation recommend"].result.frame["nps"].iloc[0]) == pytest.approx(
        100 * (promoters - detractors)
    )


def test_questions_about_the_whole_that_few_answered_are_not_shown():
    frame, instrument = judged(60)
    frame[["overall_quality", "recommend"]] = frame[["overall_quality", "recommend"]].astype(float)
    frame.loc[3:, "overall_quality"] = float("nan")
    frame.loc[10:, "recommend"] = float("nan")
    tables = tables_of(scored(frame, instrument, minimum_base=5))
    assert "satisfaction explains" not in tables
    assert tables["explained"].result.outcome["en"] == "Satisfaction", "the whole itself was answered by three"
    assert tables["recommendation recommend"].result.frame["n"].iloc[0] == 10
    page = scored(frame, instrument, minimum_base=5).to_html()
    assert "Not shown: 1 of the questions about the whole, since fewer than 5 people answered." in page


def test_a_study_without_questions_about_the_whole_has_no_such_section():
    frame, instrument = judged()
    frame = frame.drop(columns=["overall_quality", "satisfaction", "recommend"])
    titles = [section.title for section in scored(frame, instrument).sections]
    assert "The service as a whole" not in titles
    assert "Single stores" not in titles
    assert "The zone of tolerance" not in titles


def test_groups_have_a_heat_map_from_three_groups_and_a_forest_of_differences():
    frame, instrument = judged()
    four = scored(frame, instrument, by=["tier"])
    two = scored(frame.assign(tier=np.resize(list("ab"), len(frame))), instrument, by=["tier"])
    alts = {
        name: [block.alt for section in report.sections for block in section.blocks if isinstance(block, Picture)]
        for name, report in (("four", four), ("two", two))
    }
    assert [sum("coloured table" in alt for alt in alts[name]) for name in ("four", "two")] == [1, 0]
    assert [sum("line of no difference" in alt for alt in alts[name]) for name in ("four", "two")] == [1, 1]
    page = BeautifulSoup(four.to_html(), "html.parser")
    assert len(page.find_all("img")) == sum(len(alt) > 40 for alt in alts["four"])
    assert tables_of(four)["comparison by tier"].total_rows == 36


def test_of_many_differences_only_those_of_the_mean_are_drawn():
    frame, instrument = judged(120)
    report = scored(frame.assign(tier=np.resize(list("abcdefgh"), len(frame))), instrument, by=["tier"])
    forest = [b for s in report.sections for b in s.blocks if isinstance(b, Picture) and "no difference" in b.alt]
    assert "of 28 are beyond chance" in forest[0].alt, "28 pairs, the mean of each"


def test_the_answers_and_those_who_do_not_know():
    frame, instrument = judged()
    frame.loc[:7, "P_TAN1"] = 99
    responses = Responses(frame, instrument, dont_know=[99])
    from servqual.gaps import score_gaps

    report = gap_report("T", responses, [score_gaps(responses)])
    answered = tables_of(report)["answers"].result.frame
    first = answered[answered["item"] == "TAN1"]
    assert (first["n_dont_know"] == 8).all()
    counts = frame["P_TAN1"][8:].value_counts()
    assert first.set_index("value")["share"].to_dict() == pytest.approx(
        {value: counts.get(value, 0) / 72 for value in range(1, 8)}
    )
    assert "respondents" in report.sections[2].blocks[-1].text
    assert "flagged" in report.sections[2].blocks[-1].text


def test_a_report_saves_itself_as_a_workbook(tmp_path, comments):
    import openpyxl

    report = Report("T").with_section("S", Table(comments, "somewhere.compute", "comments"))
    path = report.save(tmp_path / "x.xlsx")
    before = path.read_bytes()
    assert openpyxl.load_workbook(path).worksheets[1].cell(5, 1).value == FORMULA
    report.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.xlsx"]


def test_a_stopped_run_writes_nothing_of_a_report(tmp_path, monkeypatch, comments):
    report = Report("T").with_section("S", Table(comments, name="comments"))
    report.save_all(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr("servqual.report.workbook.workbook_bytes", stopped)
    with pytest.raises(KeyboardInterrupt):
        report.with_section("More", Table(comments, name="more")).save_all(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_methods_tell_of_choices_that_are_now_the_studys():
    methods = tomllib.loads((resources.files("servqual.report") / "methods.toml").read_text(encoding="utf-8"))
    assert "choice of the study" in methods["gap"]["formula"]["en"]
    assert "count as known" not in methods["weighted"]["formula"]["en"]
    assert "whose error is part of the interval" in methods["weighted"]["formula"]["en"]


# --- is the scale sound? -------------------------------------------------------------------------------------


def section_of(report, titles):
    return next(section for section in report.sections if section.title in titles)


SOUND = ("Is the scale sound?", "量表是否可靠")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_verdict_on_the_scale_is_a_section_with_its_evidence(sample, language):
    section = section_of(sample[language], SOUND)
    tables = {block.name for block in section.blocks if isinstance(block, Table)}
    assert {"validity", "consistency", "factor count", "loadings", "fit", "pairs"} <= tables
    assert {"invariance by tier", "invariance by area_type"} <= tables
    assert sum(isinstance(block, Picture) for block in section.blocks) >= 5, "verdict, scree, loadings, two ladders"
    points = next(block for block in section.blocks if isinstance(block, Points))
    assert len(points.texts) == 5
    reason = {"en": "because its items go together (omega .", "zh": "因为题项彼此一致（ω = ."}[language]
    assert all(reason in text for text in points.texts)
    assert all(("可以区分（r = ." if language == "zh" else "can be told from ") in text for text in points.texts)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_under_every_table_of_dimensions_stands_what_they_are_worth(sample, language):
    said = {"en": "Scale check (perceptions): all 5 dimensions", "zh": "量表检验（感知）：5 个维度均可单独报告"}[
        language
    ]
    tables = tables_of(sample[language])
    judged = [
        name for name, block in tables.items() if "dimension" in block.result.frame and "item" not in block.result.frame
    ]
    assert {"dimensions", "dimensions by tier", "comparison by tier", "performance", "diagnostics"} <= set(judged)
    said_by_others = {
        "themes",
        "themes by segment",
        "triangulation",
        "blind spots",
    }  # codes of focus groups; other sources than answers
    said_by_others |= {name for name in judged if name.startswith("complaints")}
    for name in set(judged) - {"validity", "validity with reasons", "importance"} - said_by_others:
        assert said in tables[name].result.note(), name
    assert said not in tables["items"].result.note()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_of_gaps_say_that_the_two_forms_are_no_one_ruler(sample, sample_results, language):
    ladder = sample_results[language].comparability["expectation–perception"]
    assert not ladder.comparable
    tables = tables_of(sample[language])
    for name in ("dimensions", "dimensions by tier", "dimensions by area_type"):
        assert tables[name].result.note().endswith(ladder.sentence()), name
    for name in ("performance", "comparison by tier"):
        assert ladder.sentence() not in tables[name].result.note(), name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_in_short_tells_the_verdict_on_the_scale_before_what_the_forms_lack(sample, sample_results, language):
    told = [text for block in sample[language].sections[0].blocks
            for text in (block.texts if isinstance(block, Points) else [getattr(block, "text", "")])]  # fmt: skip
    found = sample_results[language]
    assert told.count(found.validity.line()) == 1
    forms = found.comparability["expectation–perception"].sentence()
    assert told.index(found.validity.line()) < told.index(forms)
    narrow = next(k for k, text in enumerate(told) if text.startswith(("Few clusters", "少数几个群")))
    assert narrow < told.index({"en": "What the visits add", "zh": "检查补充的发现"}[language]), "it is about customers"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_weighted_share_says_so_beside_the_plain_one(sample, language):
    answers = pd.read_csv("data/sample/intercept.csv", dtype=str)["satisfaction"]
    answers = pd.to_numeric(answers, errors="coerce").dropna()
    plain = f"{100 * (answers >= 6).mean():.0f}%"
    section = section_of(sample[language], ("The service as a whole", "总体评价"))
    said = next(
        b.text for b in section.blocks if isinstance(b, Paragraph) and ("answered 6" in b.text or "6 分" in b.text)
    )
    assert said.endswith(f"without weights it is {plain}." if language == "en" else f"未加权时为 {plain}。")


def test_groups_are_compared_with_a_word_on_their_ruler(sample):
    tables = tables_of(sample["en"])
    for by, said in (("tier", "By tier, "), ("area_type", "By area type, ")):
        for name in (f"dimensions by {by}", f"comparison by {by}"):
            note = tables[name].result.note()
            assert said in note
            assert "may be compared" in note
            assert "has not been tested" not in note
    assert "Not tested: 1 of 5 groups" in tables["comparison by tier"].result.note()
    assert "测量不变性）尚未检验" not in tables_of(sample["zh"])["comparison by tier"].result.note()


def test_what_was_tested_is_no_longer_called_open(sample, html):
    short = "\n".join(points(sample["en"]))
    assert "was not tested" not in short
    assert "Between expectations and perceptions" in short, "items of a dimension have gaps of their own"
    assert "Soundness of the scale" not in html["en"]


def merged_study(n=300):
    """Answers of the same people in which responsiveness and empathy are one thing."""
    rng = np.random.default_rng(3)
    instrument = load_instrument("servqual-22")
    homes = [dimension.id for dimension in instrument.dimensions]
    data = {"store": np.resize(["a", "b"], n)}
    for form, level in (("expectation", 5.8), ("perception", 4.8)):
        factors = rng.multivariate_normal(np.zeros(5), 0.5 + 0.5 * np.eye(5), n)
        factors[:, homes.index("empathy")] = factors[:, homes.index("responsiveness")]
        at = [homes.index(item.dimension) for item in instrument.items]
        latent = level + 0.9 * factors[:, at] + 0.7 * rng.normal(size=(n, len(at)))
        data |= dict(zip(instrument.columns(form).values(), np.clip(np.round(latent), 1, 7).T.astype(int), strict=True))
    return pd.DataFrame(data)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_dimensions_that_are_one_are_told_first(tmp_path, language):
    new_study(tmp_path / "s")
    merged_study().to_csv(tmp_path / "s" / "answers.csv", index=False)
    toml = 'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\n[gaps]\nby = "store"\n'
    (tmp_path / "s" / "study.toml").write_text(toml, encoding="utf-8")
    results = load_study(tmp_path / "s").results(language)
    report = results.report()
    merged = {"en": "Responsiveness + Empathy: merge", "zh": "响应性 + 移情性：合并"}[language]
    assert any(merged in text for text in points(report))
    assert merged in tables_of(report)["dimensions"].result.note()
    assert set(results.comparability) == {"store", "expectation–perception"}
    assert "merge" in set(tables_of(report)["validity"].result.frame["verdict"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_answers_too_few_for_a_model_say_so_and_stop_nothing(tmp_path, language):
    new_study(tmp_path / "s")
    results = load_study(tmp_path / "s").results(language)
    assert set(results.validity.frame["verdict"]) == {"untested"}
    text = {"en": ("not tested", "not testable"), "zh": ("未能检验", "无法检验")}[language]
    page = results.report().to_html()
    assert all(word in page for word in text)


def test_a_scale_that_is_not_to_be_tested_is_called_open(tmp_path):
    new_study(tmp_path / "s")
    toml = tmp_path / "s" / "study.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n[validity]\nskip = true\n", encoding="utf-8")
    results = load_study(tmp_path / "s").results()
    assert (results.validity, dict(results.comparability)) == (None, {})
    assert "really separate 5 dimensions was not tested" in "\n".join(points(results.report()))
    assert not any(section.title in SOUND for section in results.report().sections)


@pytest.mark.parametrize(
    ("language", "why"), [("en", "could not be tested: an item does not vary"), ("zh", "无法检验：有题项回答全部相同")]
)
def test_constant_answers_leave_the_scale_untested_with_a_reason(tmp_path, language, why):
    new_study(tmp_path / "s")
    frame = merged_study(60).assign(P_TAN1=5)
    frame.to_csv(tmp_path / "s" / "answers.csv", index=False)
    (tmp_path / "s" / "study.toml").write_text(
        'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\n', encoding="utf-8"
    )
    report = load_study(tmp_path / "s").results(language).report()
    assert any(why in text for text in points(report))


def test_sizes_of_small_groups_stay_hidden_in_the_test_of_the_ruler(tmp_path):
    new_study(tmp_path / "s")
    frame = merged_study(300)
    frame["store"] = ["a"] * 148 + ["b"] * 149 + ["c"] * 3
    frame.to_csv(tmp_path / "s" / "answers.csv", index=False)
    toml = 'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\n[gaps]\nby = "store"\n'
    (tmp_path / "s" / "study.toml").write_text(toml, encoding="utf-8")
    results = load_study(tmp_path / "s").results()
    assert results.comparability["store"].invariance is not None
    report = results.report()
    assert "invariance by store" not in tables_of(report)
    assert "sizes of small groups could be worked out" in report.to_html()
    assert not re.search(
        r"\b(148|149)\b", "\n".join(b.text for b in section_of(report, SOUND).blocks if isinstance(b, Paragraph))
    )


# --- mystery visits ----------------------------------------------------------------------------------------


def section(report, title):
    return next(each for each in report.sections if each.title == title)


def filed(part):
    return {block.name: block for block in part.blocks if isinstance(block, Table)}


def test_three_angles_stand_side_by_side_for_every_store_that_may_be_shown(sample):
    part = section(sample["en"], "Expected, delivered, perceived")
    table = filed(part)["three angles"].result
    shown = table.shown()
    assert {"store", "expected", "delivered", "perceived", "expectations", "visits", "perceptions"} <= set(
        shown.columns
    )
    assert len(table.frame) >= 30
    assert (table.frame["n_perceived"] >= 5).all(), "no store with fewer customers than may be shown"
    gaps = filed(part)["gaps of the three angles"].result
    assert list(gaps.shown().columns).count("low") == 3
    assert any(isinstance(block, Picture) for block in part.blocks)
    words_of_page = " ".join(block.text for block in part.blocks if isinstance(block, Paragraph))
    assert f"Of {len(table.frame)} stores" in words_of_page, "sentences speak of the stores that are shown"


def test_no_table_and_no_page_names_an_inspector(sample, pages):
    known = set(pd.read_csv("data/sample/inspectors.csv")["inspector"])
    for language, report in sample.items():
        words_of_page = set(re.findall(r"\bI\d\d\b", pages[language].text))
        assert not words_of_page & known
        for table in report.tables():
            frame = table.result.frame
            cells = {str(value) for name in frame for value in frame[name]}
            assert not cells & known, table.name
    severity = filed(section(sample["en"], "How far visits can be trusted"))["severity"].result.frame
    assert severity["inspector"].tolist() == [f"No. {k}" for k in range(1, len(severity) + 1)]
    assert severity["effect"].is_monotonic_increasing, "the numbers follow severity, not the list of inspectors"


def test_scores_of_visits_are_those_of_the_chosen_mode(sample):
    table = filed(section(sample["en"], "What the shoppers saw"))["visit scores"].result
    visits = pd.read_csv("data/sample/visits.csv", dtype=str)
    covert = (visits["mode"] == "covert") & (visits["exposed"] != "yes")
    assert abs(int(table.row()["n"]) - covert.sum()) <= 5, "but for those that are set aside"
    assert {"raw", "final", "coverage", "low", "high"} <= set(table.frame)


def test_stores_that_dress_up_are_listed_green_inside_red_outside(sample):
    listed = filed(section(sample["en"], "Inspection against customers"))["inspection against customers"].result
    first = listed.frame.iloc[0]
    assert (first["store"], first["quadrant"]) == ("S045", "hidden")
    assert (listed.frame["n_rating"] >= 5).all()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_is_to_be_learned_from_is_no_store_that_customers_dislike_unsaid(sample, language):
    part = section_of(sample[language], ("Stores as the visits saw them", "各门店的检查表现"))
    listed = filed(section_of(sample[language], ("Inspection against customers", "检查与客户评价的对照")))
    stores = listed["inspection against customers"].result.frame
    hidden = set(stores.loc[stores["quadrant"] == "hidden", "store"])
    benchmarks = set(filed(part)["benchmarks"].result.frame["store"])
    warned = [block.text for block in part.blocks if isinstance(block, Paragraph) and block.tone == "caution"]
    assert len(warned) == 1
    assert set(re.findall(r"S\d{3}", warned[0])) == hidden & benchmarks != set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_visits_pool_is_told_once_and_pointed_to(sample, language):
    pooled = {"en": "pooled over scenario", "zh": "合并了不同的情景"}[language]
    point = {"en": "“What the shoppers saw”", "zh": "“神秘顾客所见”"}[language]
    notes = {name: block.result.note() for name, block in tables_of(sample[language]).items()}
    assert pooled in notes["visit scores"]
    for name in ("visited stores", "benchmarks", "three angles", "agreement with customers", "fitted weights"):
        assert pooled not in notes[name], name
        assert point in notes[name], name
        assert "1,334" in notes[name], name


def test_moves_stand_beside_scores_of_the_same_kind_of_visits(sample_results):
    found = sample_results["en"].inspection
    frame = found.moved.frame
    own = frame[frame["what"] == "Training in greeting for all staff"].iloc[0]
    visits = pd.read_csv("data/sample/visits.csv", dtype=str)
    visits = visits[(visits["mode"] == "covert") & (visits["exposed"] != "yes")]
    ahead = (pd.to_datetime(visits["date"], errors="coerce") - pd.Timestamp(own["date"])).dt.days
    assert abs(int(own["n_before"]) - ((ahead >= -90) & (ahead < 0)).sum()) <= 5, "but for those that are set aside"


def test_visits_of_a_study_may_keep_what_looks_like_personal_data(tmp_path):
    folder = tmp_path / "s"
    new_study(folder)
    visits = pd.read_csv("data/sample/visits.csv", dtype=str).head(30).assign(remark="call 13812345678")
    visits.to_csv(folder / "visits.csv", index=False)
    lines = '[checklist]\nname = "telecom-store"\n\n[visits]\nfile = "visits.csv"\nfaults = "set aside"\n'
    text = (folder / "study.toml").read_text(encoding="utf-8") + "\n" + lines
    for rule, shown in (("mask", False), ("keep", True)):
        (folder / "study.toml").write_text(f'{text}personal_data = "{rule}"\n', encoding="utf-8")
        frame = load_study(folder).results().inspection.visits.frame
        assert frame["remark"].astype(str).str.contains("13812345678").any() == shown
    (folder / "study.toml").write_text(text + 'personal_data = "hide"\n', encoding="utf-8")
    with pytest.raises(SpecError, match=r"\[visits\] personal_data: personal_data='hide'"):
        load_study(folder)


def test_a_study_without_visits_has_no_section_of_them(tmp_path):
    new_study(tmp_path / "s")
    report = load_study(tmp_path / "s").report("en")
    titles = [each.title for each in report.sections]
    assert not {"What the shoppers saw", "Competitors", "Expected, delivered, perceived"} & set(titles)
    lacking = section(report, "Not measured").blocks[-1]
    assert {"Mystery visits", "Competitors"} <= {entry.name for entry in lacking.entries}


def test_visits_without_customers_competitors_or_doubles_say_what_is_needed(tmp_path):
    folder = tmp_path / "s"
    new_study(folder)
    visits = pd.read_csv("data/sample/visits.csv", dtype=str).head(60)
    visits.drop(columns=["double", "second_of", "inspector"]).to_csv(folder / "visits.csv", index=False)
    lines = '[checklist]\nname = "telecom-store"\n\n[visits]\nfile = "visits.csv"\nfaults = "set aside"\n'
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text + "\n" + lines, encoding="utf-8")
    study = load_study(folder)
    assert study.check().ok, study.check().problems
    for language, needs in (("en", "Not measured: needs"), ("zh", "未测量：需要")):
        report = study.report(language)
        told = [block.text for each in report.sections for block in each.blocks if isinstance(block, Paragraph)]
        assert sum(text.startswith(needs) for text in told) == 4, (
            "inspectors, doubles, angles, customers of the same stores"
        )
        assert BeautifulSoup(report.to_html(), "html.parser").h1
