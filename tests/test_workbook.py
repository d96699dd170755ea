"""The workbook, read back by two other programs: cells have the table's values and types, and no text ever runs."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from servqual.report import Entries, Entry, Paragraph, Report, Table
from servqual.report.workbook import MOST_CHARACTERS, sheet_names, workbook_bytes, write_workbook
from survey_design.errors import SpecError
from survey_design.outputs import previous
from survey_design.results import Column, Result

KINDS = ("text", "count", "number", "signed", "share", "p", "df")
HOSTILE = [
    '=HYPERLINK("http://example.org","press here")',
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@x",
    "=1+1",
    "{=SUM(A1)}",
    "http://example.org",
    "internal:Sheet1!A1",
    "mailto:a@example.org",
    "0123",
    "1e5",
    "<r><t>bold</t></r>",
    "a & b < c > \"d\" 'e'",
    "two\nlines",
    "  spaces  ",
    "服务=好",
    "_x0041_",
    "bell \x07 and nul \x00 and \x1b",
    "not a character \uffff",
]


class Values(Result):
    """One column per kind."""

    def title(self):
        return "数值" if self.language == "zh" else "Values"

    def columns(self):
        named = {"text": "备注"}
        return tuple(Column(kind, {"en": f"a {kind}", "zh": named.get(kind, kind)}, kind) for kind in KINDS)

    def note(self):
        return "说明。" if self.language == "zh" else "What it means."


def values(n=4, seed=1) -> Values:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({kind: rng.normal(size=n) * 10.0 ** rng.integers(-12, 12, n) for kind in KINDS[2:]})
    frame.insert(0, "text", [f"row {k}" for k in range(n)])
    frame.insert(1, "count", rng.integers(0, 10**9, n))
    return Values(frame)


def report(*content, language="en") -> Report:
    return Report("A report", language).with_section("Section", *content)


def opened(made: Report):
    return load_workbook(BytesIO(workbook_bytes(made)))


def cells(sheet, column: int, n: int) -> list:
    return [sheet.cell(row=4 + k, column=column).value for k in range(n)]


def as_excel(text: str) -> str:
    """Characters that XML cannot hold, which openpyxl leaves in Excel's spelling."""
    return re.sub(r"_x(00[01][0-9A-F]|FFF[EF])_", lambda hit: chr(int(hit[1], 16)), text)


def one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_numbers_come_back_bit_for_bit(seed):
    table = values(200, seed)
    data = workbook_bytes(report(table))
    sheet = load_workbook(BytesIO(data)).worksheets[1]
    for column, name in enumerate(KINDS, start=1):
        assert cells(sheet, column, 200) == table.frame[name].tolist(), name
    read = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(1).to_python()
    assert [row[2] for row in read[3:203]] == table.frame["number"].tolist()


def test_types_and_formats_are_those_of_the_columns():
    sheet = opened(report(values())).worksheets[1]
    assert [sheet.cell(4, k).data_type for k in range(1, 8)] == ["s", *"nnnnnn"]
    assert [sheet.cell(4, k).number_format for k in range(1, 8)] == [
        "General", "#,##0;−#,##0", "#,##0.00;−#,##0.00", "+#,##0.00;−#,##0.00;0.00", "0%", '[<0.0005]"<.001";.000', "#,##0.0",
    ]  # fmt: skip


def test_whole_degrees_of_freedom_have_no_decimals():
    table = Values(pd.DataFrame({"df": [23.0, 4.0]}))
    assert opened(report(table)).worksheets[1]["A4"].number_format == "#,##0"


def test_what_is_no_number_is_an_empty_cell_and_the_reason_stays():
    frame = pd.DataFrame(
        {"text": ["nobody answered", "fine", ""], "number": [np.nan, np.inf, -np.inf], "count": [0, 1, 2]}
    )
    sheet = opened(report(Values(frame))).worksheets[1]
    assert cells(sheet, 1, 3) == ["nobody answered", "fine", None]
    assert [sheet.cell(3, k).value for k in (1, 2, 3)] == ["a text", "a count", "a number"]
    assert cells(sheet, 3, 3) == [None, None, None]
    assert cells(sheet, 2, 3) == [0, 1, 2]


def test_labels_that_are_numbers_stay_numbers_and_codes_become_words():
    class Stores(Result):
        def title(self):
            return "Stores"

        def columns(self):
            return Column("store", {"en": "store"}), Column(
                "tier", {"en": "tier"}, "text", {1: {"en": "Core", "zh": "核心店"}}
            )

    table = Stores(pd.DataFrame({"store": [101, 102], "tier": [1, 2]}))
    assert [[cell.value for cell in row] for row in opened(report(table)).worksheets[1]["A4:B5"]] == [
        [101, "Core"],
        [102, 2],
    ]
    assert opened(report(table, language="zh")).worksheets[1]["B4"].value == "核心店"


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    made = Report(text, "en", text).with_section(text, Values(pd.DataFrame({"text": [text]})))
    data = workbook_bytes(made)
    book = load_workbook(BytesIO(data))
    cell = book.worksheets[1]["A4"]
    assert cell.data_type == "s"
    assert cell.hyperlink is None
    assert as_excel(cell.value).rstrip(" ") == text.rstrip(" ")
    for name in zipfile.ZipFile(BytesIO(data)).namelist():
        xml = zipfile.ZipFile(BytesIO(data)).read(name).decode()
        assert "<f>" not in xml
        assert "example.org" not in xml or name.endswith(("sharedStrings.xml", "core.xml")), name
    assert CalamineWorkbook.from_filelike(BytesIO(data)).sheet_names == book.sheetnames


def test_only_links_are_those_inside_the_workbook():
    made = Report("http://a.example", "en").with_section("http://b.example", values(), replace_title(values(), "c://d"))
    data = workbook_bytes(made)
    book = load_workbook(BytesIO(data))
    links = [cell.hyperlink for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.hyperlink]
    assert len(links) == 4, "one to each table, one back from each"
    assert all(link.target is None for link in links)
    places = {re.fullmatch(r"'(.+)'!A1", link.location).group(1).replace("''", "'") for link in links}
    assert places == set(book.sheetnames)


def test_a_text_beyond_the_limit_is_cut_and_the_sheet_says_so():
    long = ["=" + "x" * 40_000, "服" * MOST_CHARACTERS, "😀" * 20_000]
    sheet = opened(report(Values(pd.DataFrame({"text": long})))).worksheets[1]
    first, exact, pairs = cells(sheet, 1, 3)
    assert first == long[0][: MOST_CHARACTERS - 1] + "…"
    assert exact == long[1]
    assert pairs == "😀" * 16_383 + "…", "Excel counts such a sign as two"
    assert "2 cell(s) hold more" in " ".join(str(row[0].value) for row in sheet.iter_rows(min_row=7))


def test_half_of_a_surrogate_pair_becomes_a_replacement_character():
    assert (
        opened(report(Values(pd.DataFrame({"text": pd.Series(["a\ud800b"], dtype=object)})))).worksheets[1]["A4"].value
        == "a\ufffdb"
    )


@given(st.lists(st.text(max_size=40), min_size=1, max_size=60))
@settings(max_examples=10, deadline=None)
def test_any_text_at_all_comes_back(texts):
    sheet = opened(report(Values(pd.DataFrame({"text": texts})))).worksheets[1]
    for text, got in zip(texts, cells(sheet, 1, len(texts)), strict=True):
        assert one_newline(as_excel(got or "")) == one_newline(text)


# --- the sheets ---------------------------------------------------------------------------------------------


def replace_title(table: Values, title: str) -> Result:
    class Named(Values):
        def title(self):
            return title

    return Named(table.frame, table.language)


def test_every_table_has_its_sheet_and_the_first_lists_them():
    entries = Entries((Entry("Gap", "P − E", "servqual.gaps.score_gaps", "Parasuraman et al. (1988)", "10.1000/x"),))
    made = Report("Stores", "en", "in spring").with_section("One", values(), Paragraph("text"))
    made = made.with_section("Two", Table(values(70), "servqual.x", "cut short", rows=5)).with_section(
        "Method", entries
    )
    book = opened(made)
    assert book.sheetnames == ["Contents", "1 Values", "2 Values"]
    first = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    assert [row[0] for row in first[:2]] == ["Stores", "in spring"]
    assert first[3] == ["No.", "Section", "Table", "Rows", "Computed by"]
    assert first[4:6] == [[1, "One", "Values", 4, None], [2, "Two", "Values", 70, "servqual.x"]]
    assert first[7][1] == "Method"
    assert first[8][1:3] == ["Gap", "P − E"]
    assert first[8][4] == "servqual.gaps.score_gaps\nParasuraman et al. (1988); doi:10.1000/x"
    assert len(cells(book.worksheets[2], 1, 70)) == 70
    assert cells(book.worksheets[2], 1, 71)[69:] == ["row 69", None], "all rows, also those the page leaves out"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sheet_has_title_bold_frozen_headings_filter_and_note(language):
    sheet = opened(report(values(), language=language)).worksheets[1]
    assert sheet["A1"].value == ("数值" if language == "zh" else "Values")
    assert sheet["A2"].value == ("← 目录" if language == "zh" else "← Contents")
    headings = [cell.value for cell in sheet[3]]
    assert headings == [column.heading(language) for column in values().columns()]
    assert all(cell.font.bold for cell in sheet[3])
    assert sheet.freeze_panes == "B4"
    assert sheet.auto_filter.ref == "A3:G7"
    assert sheet["A9"].value == ("说明。" if language == "zh" else "What it means.")
    assert sheet["A9"].alignment.wrap_text


def test_chinese_needs_twice_the_width():
    names = ["abcdefghij", "服务质量差距服务质量"]
    widths = [
        opened(report(Values(pd.DataFrame({"text": [name]})))).worksheets[1].column_dimensions["A"].width
        for name in names
    ]
    assert widths[1] - widths[0] == pytest.approx(10, abs=0.1)
    widest = opened(report(Values(pd.DataFrame({"text": ["x" * 5000]})))).worksheets[1].column_dimensions["A"].width
    assert widest < 62


@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
def test_sheet_names_are_legal_and_unique(titles):
    names = sheet_names(titles, ("Contents",))
    assert len({name.casefold() for name in names}) == len(titles)
    for name in [*names]:
        assert 1 <= len(name.encode("utf-16-le", "surrogatepass")) // 2 <= 31
        assert not re.search(r"[\[\]:*?/\\\x00-\x1f]", name)
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.casefold() not in ("contents", "history")


def test_titles_that_excel_refuses_make_a_workbook_all_the_same():
    titles = ["History", "a[b]:c*?/d\\e", "'quoted'", "", "x" * 80, "X" * 80, "各维度" * 30, "😀" * 30]
    made = report(*(replace_title(values(), title) for title in titles))
    assert len(opened(made).sheetnames) == len(titles) + 1


# --- the file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sample_report_as_a_workbook(sample_reports, language):
    data = workbook_bytes(sample_reports[language])
    assert data == workbook_bytes(sample_reports[language]), "the same bytes twice"
    book = load_workbook(BytesIO(data))
    tables = [
        block for section in sample_reports[language].sections for block in section.blocks if isinstance(block, Table)
    ]
    assert len(book.sheetnames) == len(tables) + 1
    for sheet, table in zip(book.worksheets[1:], tables, strict=True):
        shown = table.result.shown()
        assert [cell.value for cell in sheet[3]][: shown.shape[1]] == list(shown.columns)
        kinds = {c.name: c.kind for c in table.result.columns() if c.name in table.result.frame}
        for place, (column, kind) in enumerate(kinds.items()):
            numbers = table.result.frame[column]
            if numbers.dtype.kind in "if" and kind != "text":  # codes are shown as words
                got = np.array(cells(sheet, place + 1, len(numbers)), dtype=float)
                wanted = numbers.to_numpy(float)
                assert (got == np.where(np.isfinite(wanted), wanted, np.nan))[np.isfinite(wanted)].all()
                assert np.isnan(got[~np.isfinite(wanted)]).all()
    words = " ".join(str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row if cell.value)
    assert ("方法" if language == "zh" else "Method") in words
    assert "10.1177" in words or "doi:" in words


def test_nothing_in_the_file_tells_who_made_it_or_when(sample_reports):
    parts = zipfile.ZipFile(BytesIO(workbook_bytes(sample_reports["en"])))
    core = parts.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) == {"2000-01-01T00:00:00Z"}
    assert "<dc:creator></dc:creator>" in core
    assert {info.date_time[0] for info in parts.infolist()} == {1980}


def test_file_is_written_whole_and_the_one_before_is_kept(tmp_path, monkeypatch):
    path = write_workbook(report(values()), tmp_path / "stores.xlsx")
    first = path.read_bytes()
    assert write_workbook(report(values()), path).read_bytes() == first
    assert sorted(file.name for file in tmp_path.iterdir()) == ["stores.xlsx"]
    write_workbook(report(values(9)), path)
    assert previous(path).read_bytes() == first
    second = path.read_bytes()

    class Broken(Values):
        def note(self):
            raise RuntimeError("stopped in the middle")

    with pytest.raises(RuntimeError):
        write_workbook(report(values(), Broken(values().frame)), path)
    assert path.read_bytes() == second
    assert sorted(file.name for file in tmp_path.iterdir()) == ["stores.previous.xlsx", "stores.xlsx"]


@pytest.mark.parametrize(
    ("made", "name", "message"),
    [
        (Report("empty"), "a.xlsx", "no tables"),
        (report(values()), "a.xls", r"ends in \.xlsx. Name it a\.xlsx"),
    ],
)
def test_what_cannot_be_written_is_refused_with_words(tmp_path, made, name, message):
    with pytest.raises(SpecError, match=message):
        write_workbook(made, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_table_longer_than_a_sheet_is_refused(monkeypatch):
    monkeypatch.setattr("servqual.report.workbook.MOST_ROWS", 150)
    with pytest.raises(SpecError, match=r"more rows than an Excel sheet can hold: Values\. Use save_tables"):
        workbook_bytes(report(values(51)))


def test_results_are_left_as_they_were():
    table = values()
    before = table.frame.copy()
    workbook_bytes(report(table, replace(Table(table), rows=2)))
    pd.testing.assert_frame_equal(table.frame, before)
