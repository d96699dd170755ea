"""How every result shows itself, with texts meant to break it, and how errors are worded."""

from __future__ import annotations

import csv
import io
import pickle
import re
import unicodedata
from dataclasses import FrozenInstanceError, dataclass
from html.parser import HTMLParser
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from servqual import (
    Mean,
    Responses,
    SampleDesign,
    Student,
    Taylor,
    compare,
    estimate,
    load_instrument,
    score_gaps,
    score_performance,
)
from survey_design import Column, DataError, Estimate, Result, SpecError
from survey_design.errors import check_between, check_choice, check_columns, check_inside, missing_extra
from survey_design.results import defused, say

HOSTILE = "<script>alert('x')</script>&\"'"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")']
COLUMNS = (
    Column("store", {"en": "store", "zh": "门店"}, "text", {"s1": {"en": "First", "zh": "第一门店"}}),
    Column("n", {"en": "n", "zh": "样本量"}, "count"),
    Column("gap", {"en": "gap", "zh": "差距"}, "signed"),
    Column("p", {"en": "p", "zh": "p"}, "p"),
)
FRAME = pd.DataFrame({"store": ["s1", "南京路店"], "n": [1200, 7], "gap": [-0.8249, 1 / 3], "p": [0.00002, 0.0372]})


@dataclass(frozen=True, eq=False, repr=False)
class Table(Result):
    """A result as small as one can be; title, headings and note can be set."""

    shown_columns: tuple[Column, ...] = COLUMNS
    heading: str = "Gaps"
    remark: str = "n of all"

    def title(self) -> str:
        return f"差距：{self.heading}" if self.language == "zh" else self.heading

    def columns(self) -> tuple[Column, ...]:
        return self.shown_columns

    def note(self) -> str:
        return self.remark


def one_column(values, kind="text", heading="x", **options) -> Table:
    return Table(pd.DataFrame({"x": values}), "en", (Column("x", {"en": heading}, kind),), **options)


def csv_rows(result: Result) -> list[list[str]]:
    """Header and rows of the result's CSV as texts."""
    return list(csv.reader(io.StringIO(result.to_csv(), newline="")))


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.fixture(scope="module")
def study() -> Responses:
    """Forty people in eight stores of two tiers with unpleasant names."""
    rng = np.random.default_rng(7)
    instrument = load_instrument("retail-13")
    tiers = [f"=1+1|{HOSTILE}", "旗舰店"]
    answers = {
        **{name: rng.integers(5, 8, 40) for name in instrument.columns("expectation").values()},
        **{name: rng.integers(1, 8, 40) for name in instrument.columns("perception").values()},
    }
    place = {"tier": [tiers[k % 2] for k in range(40)], "store": np.arange(40) % 8}
    return Responses(pd.DataFrame(answers | place), instrument, SampleDesign(strata="tier", clusters="store"))


def results_of(study: Responses) -> dict[str, Result]:
    """Every kind of result the package makes from answers."""
    gaps = score_gaps(study, by="tier")
    performance = score_performance(study, by="tier")
    estimates = estimate(study.frame, Mean("P_process"), study.design, by="tier")
    return {
        **{name: getattr(gaps, name) for name in ("dimensions", "items", "total", "diagnostics", "effects")},
        "gaps": gaps,
        "comparison": compare(gaps, "tier"),
        "ledger": study.ledger,
        "estimates": estimates,
        "performance": performance,
        "performance items": performance.items,
        "performance total": performance.total,
    }


@pytest.fixture(scope="module")
def results(study) -> dict[str, Result]:
    return results_of(study)


@pytest.fixture(scope="module")
def made_in_chinese(study) -> dict[str, Result]:
    return results_of(study.in_language("zh"))


NAMES = [
    *("dimensions", "items", "total", "diagnostics", "effects", "gaps", "comparison", "ledger", "estimates"),
    *("performance", "performance items", "performance total"),
]
every = pytest.mark.parametrize("name", NAMES)


def test_the_list_of_results_is_complete(results):
    assert list(results) == NAMES


# --- numbers -----------------------------------------------------------------------------------------------

NUMBERS = [
    ("p", 0, "<.001"),
    ("p", 0.00049, "<.001"),
    ("p", 0.00051, ".001"),
    ("p", 0.0372, ".037"),
    ("p", 0.05, ".050"),
    ("p", 0.9994, ".999"),
    ("p", 0.9996, "1.000"),
    ("p", 1, "1.000"),
    ("signed", 0.8249, "+0.82"),
    ("signed", -0.8249, "−0.82"),
    ("signed", 0, "0.00"),
    ("signed", -0.0, "0.00"),
    ("signed", 0.004, "0.00"),
    ("signed", -0.004, "0.00"),
    ("signed", -1234.5, "−1,234.50"),
    ("number", -0.001, "0.00"),
    ("number", -1.5, "−1.50"),
    ("number", 1234567.891, "1,234,567.89"),
    ("count", 1234567, "1,234,567"),
    ("count", 0, "0"),
    ("count", np.int8(3), "3"),
    ("count", -0.0, "0"),
    ("count", -3, "−3"),
    ("df", 23, "23"),
    ("df", 14.608, "14.6"),
    ("df", 1500.0, "1,500"),
    ("share", 0.125, "12%"),
    ("share", 0.876, "88%"),
    ("share", 1, "100%"),
    ("share", 0, "0%"),
    ("share", -0.25, "−25%"),
    ("share", -0.001, "0%"),
]
KINDS = ["count", "number", "signed", "share", "p", "df"]


@pytest.mark.parametrize(("kind", "value", "shown"), NUMBERS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_how_a_number_is_shown(kind, value, shown, language):
    assert Column("x", {"en": "x"}, kind).show(value, language) == shown


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), np.float64("nan"), pd.NA])
def test_a_missing_number_is_a_dash(kind, value):
    assert Column("x", {"en": "x"}, kind).show(value, "en") == "–"


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_shows_a_hyphen_for_a_minus_nor_a_negative_zero(kind):
    shown = [Column("x", {"en": "x"}, kind).show(value, "en") for value in (-1e-9, -0.004, -0.4, -1, -2.5, -999.999)]
    assert not [text for text in shown if "-" in text or re.fullmatch("−[0.,%]+", text)]


def test_decimals_are_the_columns():
    assert Column("x", {"en": "x"}, "number", decimals=4).show(-1 / 3, "en") == "−0.3333"
    assert Column("x", {"en": "x"}, "signed", decimals=0).show(0.4, "en") == "0"


@pytest.mark.parametrize("value", [None, pd.NA, float("nan"), pd.NaT])
def test_a_missing_text_is_empty(value):
    assert Column("x", {"en": "x"}).show(value, "en") == ""
    assert "nan" not in one_column(["a", value]).to_string().lower()


def test_an_interval_in_words():
    assert Estimate(1, 1, -0.001, 2, 9, 8).interval() == "95% CI 0.00 to 2.00"
    assert Estimate(-1, 1, -1234.5, -0.5, 9, 8, level=0.999).interval("zh") == "99.9% 置信区间 −1,234.50 至 −0.50"
    assert Estimate(1, 1, 0.1234, 2, 9, 8, level=0.9).interval(decimals=3) == "90% CI 0.123 to 2.000"


def test_an_interval_that_is_not_there_is_not_called_nan():
    nan = float("nan")
    assert not re.search("nan|inf", Estimate(1, nan, nan, float("inf"), 1, 0).interval())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_translate_codes_and_leave_others(language):
    assert COLUMNS[0].show("s1", language) == {"en": "First", "zh": "第一门店"}[language]
    assert COLUMNS[0].show("s2", language) == "s2"
    assert COLUMNS[0].show(3, language) == "3"


def test_say_falls_back_to_english_then_to_anything():
    assert say({"en": "store"}, "zh") == "store"
    assert say({"zh": "门店"}, "en") == "门店"
    assert say({"en": "store", "zh": ""}, "zh") == "store"
    assert say({}, "en") == ""


# --- plain text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_columns_line_up_with_chinese_in_them(language):
    title, *lines, note = Table(FRAME, language).to_string().split("\n")
    assert (title, note) == ("Gaps" if language == "en" else "差距：Gaps", "n of all")
    assert [width(line) for line in lines] == [width(lines[0])] * 3
    ends = [
        width(line[: line.rindex(cell) + len(cell)]) for line, cell in zip(lines[1:], ["−0.82", "+0.33"], strict=True)
    ]
    assert ends[0] == ends[1], "numbers end in the same place"
    starts = {width(line) - width(line.lstrip()) for line in lines}
    assert starts == {0}, "texts begin in the same place"


@pytest.mark.parametrize("name", NAMES)
def test_every_result_lines_up_in_chinese(results, name):
    result = results[name].in_language("zh")
    table = result.shown()
    rows = result.to_string().split("\n")[1 : 2 + len(table)]
    if result.columns()[-1].kind != "text":  # the last column is on the right: all lines are equally wide
        assert len({width(row) for row in rows}) == 1
    for row, cells in zip(rows[1:], table.to_numpy().tolist(), strict=True):
        assert row.split() == " ".join(cells).split(), "all cells, in order"


def test_a_line_break_in_a_cell_does_not_break_the_table():
    table = one_column(["two\nlines", "one"])
    assert len(table.to_string().split("\n")) == 1 + 1 + 2 + 1


@pytest.mark.parametrize("frame", [FRAME[:0], pd.DataFrame()], ids=["no rows", "no columns"])
def test_empty_tables_are_shown(frame):
    table = Table(frame)
    assert table.to_string().startswith("Gaps")
    assert table.to_string().endswith("n of all")
    assert "<caption>Gaps</caption>" in table.to_html()
    assert "**Gaps**" in table.to_markdown()


def test_columns_with_one_heading_are_both_shown():
    # a split column called "维度" or "SE" meets the table's own column of that heading
    columns = (Column("a", {"en": "store"}), Column("b", {"en": "store"}, "count"))
    table = Table(pd.DataFrame({"a": ["x"], "b": [3]}), "en", columns)
    assert table.shown().to_numpy().tolist() == [["x", "3"]]
    assert table.to_string().split("\n")[2].split() == ["x", "3"]


def test_a_split_column_may_be_called_like_a_heading(study):
    frame = study.frame.assign(SE=study.frame["tier"])
    gaps = score_gaps(Responses(frame, study.instrument), by="SE")
    assert gaps.to_string().count("旗舰店") == len(gaps.shown()) / 2
    assert gaps.to_html()


@pytest.mark.parametrize("name", ["n", "low", "p", "gap", "reason", "dimension", "item", "total"])
def test_a_split_column_called_like_a_column_of_the_table_is_refused_or_keeps_its_values(study, name):
    responses = Responses(study.frame.assign(**{name: ["x", "y"] * 20}), study.instrument)
    try:
        gaps = score_gaps(responses, by=name)
    except (SpecError, DataError):
        return  # a refusal in words is fine; losing the groups is not
    for table in (gaps.dimensions, gaps.items, gaps.total):
        columns = table.to_frame().columns
        assert columns.is_unique
        assert set(table.to_frame()[name]) == {"x", "y"}


# --- HTML --------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Tags and texts of a fragment, as a browser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_hostile_text_stays_text_wherever_it_stands():
    frame = pd.DataFrame({"x": [HOSTILE, "</td></table><img src=x onerror=y>"]})
    columns = (Column("x", {"en": HOSTILE}),)
    tags = Tags(Table(frame, "en", columns, heading=HOSTILE, remark=HOSTILE).to_html())
    assert set(tags.tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert "".join(tags.texts).count(HOSTILE) == 4, "title, heading, cell and note"


@every
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_result_escapes_its_html(results, name, language):
    result = results[name].in_language(language)
    page = result.to_html()
    assert "<script" not in page
    assert set(Tags(page).tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert page.count("<tr>") == len(result.shown()) + 1
    assert result._repr_html_() == page


def test_words_and_hostile_codes_are_escaped_too():
    column = Column("x", {"en": "x"}, "text", {"a": {"en": HOSTILE}})
    assert "<script" not in Table(pd.DataFrame({"x": ["a"]}), "en", (column,)).to_html()


# --- Markdown ----------------------------------------------------------------------------------------------


def markdown_lines(table: Table) -> list[str]:
    return [line for line in table.to_markdown().split("\n") if line.startswith("|")]


def test_pipes_in_cells_do_not_make_columns():
    for line in markdown_lines(one_column(["a|b", "|", "||x||"])):
        assert len(re.findall(r"(?<!\\)\|", line)) == 2


def test_pipes_in_headings_do_not_make_columns():
    for line in markdown_lines(one_column(["a"], heading="store|tier")):
        assert len(re.findall(r"(?<!\\)\|", line)) == 2


def test_a_backslash_before_a_pipe_does_not_free_it():
    cell = markdown_lines(one_column(["a\\|b"]))[2]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", cell)) == 2


def test_line_breaks_in_cells_do_not_end_the_row():
    assert len(markdown_lines(one_column(["two\nlines", "three\r\nlines"]))) == 1 + 1 + 2
    assert "\nlines" not in one_column(["two\nlines"]).to_markdown()


def test_markdown_aligns_numbers_to_the_right():
    lines = markdown_lines(Table(FRAME))
    assert lines[1] == "| --- | ---: | ---: | ---: |"
    assert lines[2] == "| First | 1,200 | −0.82 | <.001 |"


# --- CSV ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(text):
    assert csv_rows(one_column([text, "fine"])) == [["x"], ["'" + text], ["fine"]]


def test_a_carriage_return_does_not_begin_a_new_row():
    # unquoted, spreadsheets break the line there, and what follows stands at the start of a cell
    assert csv_rows(one_column(["fine\r=1+1", "b"])) == [["x"], ["fine\r=1+1"], ["b"]]


def test_no_heading_becomes_a_formula():
    assert not one_column(["a"]).to_csv().startswith(tuple("=+-@"))
    header = Table(pd.DataFrame({"=1+1": [1]}), "en", (Column("=1+1", {"en": "x"}),)).to_csv().split("\n")[0]
    assert not header.startswith("=")


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_formulas_are_found_in_any_kind_of_column(kind):
    frame = pd.DataFrame({"x": pd.Series(["=1", "fine"], dtype=kind), "n": [-1, 2]})
    safe = defused(frame)
    assert safe["x"].tolist() == ["'=1", "fine"]
    assert safe["n"].tolist() == [-1, 2], "a negative number is no formula"
    assert frame["x"].tolist() == ["=1", "fine"]


def test_csv_keeps_every_digit():
    values = [1 / 3, -2e-17, np.pi * 1e12, 0.1 + 0.2, float("nan")]
    cells = [row for (row,) in csv_rows(one_column(values, "number"))[1:5]]
    assert [float(cell) for cell in cells] == values[:4]


def test_csv_on_disk_has_the_mark_that_spreadsheets_need(tmp_path):
    path = tmp_path / "表.csv"
    text = Table(FRAME, "zh").to_csv(path)
    assert path.read_bytes() == b"\xef\xbb\xbf" + text.encode()
    assert text.splitlines()[0] == "store,n,gap,p", "names in the file are the frame's, in any language"


@every
def test_every_result_gives_its_table_at_full_precision(results, name):
    frame = results[name].to_frame()
    header, *rows = csv_rows(results[name])
    assert header == list(frame.columns)
    for k, column in enumerate(frame.columns):
        if pd.api.types.is_float_dtype(frame[column]):
            written = [float(row[k] or "nan") for row in rows[: len(frame)]]
            np.testing.assert_array_equal(written, frame[column].to_numpy(float))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+"))]


# --- values ------------------------------------------------------------------------------------------------


@every
def test_a_result_cannot_be_changed(results, name):
    result = results[name]
    with pytest.raises(FrozenInstanceError):
        result.language = "zh"
    before = result.to_frame()
    copy = result.to_frame()
    for column in before.select_dtypes("number"):
        copy.loc[:, column] = 0
    copy["new"] = 1
    shown = result.shown()
    shown.iloc[:, :] = "x"
    pd.testing.assert_frame_equal(result.to_frame(), before)


@every
def test_showing_a_result_leaves_it_as_it_was(results, name):
    result, before = results[name], results[name].to_frame()
    once = [repr(result), result.to_html(), result.to_markdown(), result.to_csv()]
    assert once == [repr(result), result.to_html(), result.to_markdown(), result.to_csv()]
    pd.testing.assert_frame_equal(result.to_frame(), before)


@every
def test_another_language_has_the_same_numbers(results, name):
    result = results[name]
    chinese = result.in_language("zh")
    pd.testing.assert_frame_equal(chinese.to_frame(), result.to_frame())
    assert (result.language, chinese.language) == ("en", "zh")
    assert repr(chinese.in_language("en")) == repr(result)
    assert chinese.title() != result.title()
    assert re.search(r"[\u4e00-\u9fff]", chinese.title())
    numbers = [column.kind != "text" for column in result.columns()]
    assert chinese.shown().loc[:, numbers].to_numpy().tolist() == result.shown().loc[:, numbers].to_numpy().tolist()


@every
def test_turning_a_result_is_the_same_as_making_it_from_turned_answers(results, made_in_chinese, name):
    made = made_in_chinese[name].in_language("zh")  # estimates come from a frame, which has no language
    assert repr(results[name].in_language("zh")) == repr(made)


@every
def test_nothing_in_a_chinese_result_is_left_in_english(results, name):
    result = results[name].in_language("zh")
    text = result.note() + result.title()
    for name_from_data in (f"=1+1|{HOSTILE}", "data frame"):
        text = text.replace(name_from_data, "")
    terms = {"SERVPERF", "Kish", "Holm", "holm", "dz", "dav", "store", "tier"}
    assert set(re.findall(r"[A-Za-z]{2,}", text)) <= terms


def test_turning_scores_turns_what_hangs_on_them(study):
    gaps, performance = score_gaps(study).in_language("zh"), score_performance(study).in_language("zh")
    parts = ("dimensions", "items", "total", "diagnostics", "effects")
    assert {name: getattr(gaps, name).language for name in parts} == dict.fromkeys(parts, "zh")
    assert {name: getattr(performance, name).language for name in ("items", "total")} == {"items": "zh", "total": "zh"}


@pytest.mark.parametrize("language", ["fr", "EN", "", None])
def test_other_languages_are_refused(language):
    with pytest.raises(SpecError, match=r"language=.* Choose one of 'en', 'zh'"):
        Table(FRAME, language)
    with pytest.raises(SpecError, match="language="):
        Table(FRAME).in_language(language)


@every
def test_no_address_and_no_clock_in_what_a_result_prints(results, name):
    result = results[name]
    for text in (repr(result), result.to_html(), result.to_markdown(), result.to_csv()):
        assert not re.search(r"0x[0-9a-f]{6,}| object at |\d{4}-\d\d-\d\d|\d\d:\d\d", text)


def test_no_address_in_what_a_noun_prints(study):
    gaps = score_gaps(study)
    nouns = [study, study.instrument, study.design, study.source, Taylor(), Student(), Mean("x"), gaps.joint]
    nouns += [gaps.dimensions.estimate("reliability"), COLUMNS[0]]
    for noun in nouns:
        assert not re.search(r"0x[0-9a-f]{6,}| object at ", repr(noun)), type(noun).__name__
    assert repr(study) == "<Responses data frame: n = 40, paired, instrument 'retail-13'>"


def test_the_same_data_give_the_same_text(study, results):
    assert {name: repr(result) for name, result in results.items()} == {
        name: repr(result) for name, result in results_of(study).items()
    }


def alike(expectation, perception) -> pd.DataFrame:
    """Respondents who answer every item of a form alike."""
    instrument = load_instrument("retail-13")
    answers = {"expectation": expectation, "perception": perception}
    return pd.DataFrame({c: given for f, given in answers.items() for c in instrument.columns(f).values()}, dtype=float)


DEGENERATE = {
    "everyone gives the same answer": alike([6, 6, 6, 6], [6, 6, 6, 6]),
    "everyone gets what they expect": alike([5, 6, 7], [5, 6, 7]),
    "everyone gets one point less": alike([5, 6, 7, 4, 4], [4, 5, 6, 3, 3]),
    "expectations do not vary": alike([7, 7, 7, 7], [4, 5, 6, 3]),
    "one respondent": alike([7], [5]),
    "one respondent finished": alike([7, None], [6, 5]),
}


@pytest.mark.parametrize("answers", DEGENERATE.values(), ids=DEGENERATE)
def test_a_study_with_nothing_to_estimate_is_shown_without_a_warning_and_with_reasons(answers):
    # warnings are errors here: a researcher should read a reason, not NumPy's complaint
    gaps = score_gaps(Responses(answers, load_instrument("retail-13")))
    for result in (gaps, gaps.items, gaps.total, gaps.diagnostics, gaps.effects):
        assert "nan" not in result.to_string()
    table = gaps.to_frame()
    assert (table.loc[table["p"].isna(), "reason"] != "").all()
    assert all(gaps.sentences())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_difference_that_does_not_vary_has_no_reliability():
    study = Responses(DEGENERATE["everyone gets one point less"], load_instrument("retail-13"))
    diagnostics = score_gaps(study).diagnostics.to_frame()
    assert diagnostics["reliability"].isna().all(), "rounding over rounding is no reliability of 1"


def test_a_result_without_words_says_which_are_missing():
    with pytest.raises(TypeError, match="Result must declare"):
        repr(Result(FRAME))


# --- errors ------------------------------------------------------------------------------------------------


def test_errors_are_value_errors_that_carry_their_cases():
    error = DataError("2 faults", pd.DataFrame({"row": [3, 4]}))
    assert isinstance(error, ValueError)
    assert error.cases["row"].tolist() == [3, 4]
    assert DataError("no list").cases.empty
    assert pickle.loads(pickle.dumps(error)).cases["row"].tolist() == [3, 4], "also from a worker process"
    assert issubclass(SpecError, ValueError)
    assert not issubclass(SpecError, DataError)


Adjust = Literal["holm", "bonferroni", "none"]


@pytest.mark.parametrize("value", ["hulm", "Holm", "", None, 1, ["holm"], True, np.array(["holm", "none"])])
def test_a_word_that_is_not_known_gets_the_list(value):
    with pytest.raises(SpecError, match=r"adjust=.* Choose one of 'holm', 'bonferroni', 'none'"):
        check_choice("adjust", value, Adjust)


def test_a_word_that_is_known_passes():
    for word in ("holm", "bonferroni", "none"):
        check_choice("adjust", word, Adjust)


@pytest.mark.parametrize("value", [0, 1, 95, -0.1, float("nan"), float("inf"), "0.95", "95%", None, [0.9]])
def test_a_number_outside_its_bounds_is_named(value):
    with pytest.raises(SpecError, match=r"level=.* must lie between 0 and 1"):
        check_between("level", value, 0, 1)


def test_missing_columns_are_all_named():
    with pytest.raises(DataError) as caught:
        check_columns(["stor", "x", "tier"], ["store", "tier", 3], "exit.csv")
    assert str(caught.value) == ("exit.csv lacks 2 columns: 'stor', 'x'. Did you mean 'store'? It has: store, tier, 3.")
    assert caught.value.cases.to_numpy().tolist() == [
        ["exit.csv", "stor", "missing column"],
        ["exit.csv", "x", "missing column"],
    ]
    check_columns(["tier"], ["store", "tier"], "exit.csv")
    check_columns([], [], "exit.csv")


def test_every_missing_column_gets_its_near_one():
    with pytest.raises(DataError) as caught:
        check_columns(["qqqq", "tiers"], ["store", "tier"], "exit.csv")
    assert "'tier'?" in str(caught.value)


def test_a_wide_file_keeps_the_message_readable():
    with pytest.raises(DataError) as caught:
        check_columns(["x"], [f"column_{k}" for k in range(5000)], "exit.csv")
    assert len(str(caught.value)) < 1000


def test_files_stay_inside_the_studys_folder(tmp_path):
    study = tmp_path / "study"
    (study / "data").mkdir(parents=True)
    (study / "link.csv").symlink_to(tmp_path / "secret.csv")
    for outside in (
        "../secret.csv",
        str(tmp_path / "secret.csv"),
        "data/../../secret.csv",
        "link.csv",
        "../study2/a.csv",
    ):
        with pytest.raises(SpecError, match=r"study\.toml: '.*' lies outside the study's folder"):
            check_inside(outside, study, "study.toml")
    assert check_inside("data/../data/a.csv", study, "study.toml") == (study / "data" / "a.csv").resolve()


def test_a_missing_package_is_named_with_its_extra():
    error = missing_extra("matplotlib", "plots", "Drawing a picture")
    assert isinstance(error, SpecError)
    assert str(error) == "Drawing a picture needs 'matplotlib'. Install it with: pip install 'servqual[plots]'"
