"""What a file says, whatever its kind: encodings, headers, SPSS and Stata, Parquet and Arrow, all to the same table."""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual import Responses, SampleDesign, Variable, load_instrument, read_responses, score_gaps
from servqual.instruments import Form, Instrument, Item, Outcome, Scale
from servqual.report.cautions import data_cautions, encoding_remark
from servqual.streams import stream_responses
from survey_design import DataError, SpecError
from survey_design.files.columnar import as_frame, plain
from survey_design.files.encodings import MIXED, decode
from survey_design.files.table import read_table

ITEMS = tuple(Item(name, "", {"en": name}, {"en": name}) for name in ("clean", "kind"))
OUTCOME = Outcome("recommend", "recommend", Scale(0, 10), {"en": "recommend"}, {})
SMALL = Instrument("small", "1", {"en": "s"}, "", Scale(1, 7), (Form("perception", "P_{id}"),), (), ITEMS, (OUTCOME,))
BOTH = Instrument(
    *("both", "1", {"en": "b"}, "", Scale(1, 7)),
    *((Form("expectation", "E_{id}"), Form("perception", "P_{id}")), (), ITEMS),
)


def written(folder, content, name="answers.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(folder, rows, merged=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(folder / "answers.xlsx")
    return folder / "answers.xlsx"


def counts(responses) -> dict[str, int]:
    frame = responses.ledger.to_frame()
    return {step: int(n) for step, n in zip(frame["step"], frame["n"], strict=True) if n}


# --- encodings ---------------------------------------------------------------------------------------------

ROWS = "respondent,store,P_clean,P_kind\nr1,南京路店,5,6\nr2,人民广场店,4,3\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_is_read_and_said(tmp_path, encoding):
    frame, source = read_table(written(tmp_path, ROWS.encode(encoding)))
    assert frame["store"].tolist() == ["南京路店", "人民广场店"]
    assert source.encoding == encoding
    assert "without mark" in encoding_remark(source, frame, "en")
    assert "没有编码标记" in encoding_remark(source, frame, "zh")
    named = read_table(tmp_path / "answers.csv", encoding=encoding)[1]
    assert encoding_remark(named, frame, "en") == "", "what was told is no guess"


def pasted(*lines: tuple[str, str]) -> bytes:
    return b"".join(f"{text}\n".encode(encoding) for text, encoding in lines)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_two_encodings_in_one_file_are_read_line_by_line(tmp_path, mark):
    content = mark + pasted(
        ("id,store,P_clean,P_kind", "utf-8"),
        ("1,南京路店,5,6", "utf-8"),
        ("2,徐家汇店,4,5", "gb18030"),
        ("3,plain,4,5", "ascii"),
        ("4,臺北車站門市,7,7", "gb18030"),
    )
    responses = read_responses(written(tmp_path, content), SMALL)
    assert responses.frame["store"].tolist() == ["南京路店", "徐家汇店", "plain", "臺北車站門市"]
    assert responses.source.encoding == MIXED == "utf-8 + gb18030"
    assert "lines 3, 5 were read as GB18030" in encoding_remark(responses.source, responses.frame, "en")
    assert "第 3、5 行按 GB18030 读取" in encoding_remark(responses.source, responses.frame, "zh")


def test_an_export_with_its_mark_pasted_below_another(tmp_path):
    first, second = "id,P_clean,P_kind,店\n1,5,6,甲店\n", "id,P_clean,P_kind,店\n2,4,3,乙店\n"
    responses = read_responses(written(tmp_path, first.encode("gb18030") + second.encode("utf-8-sig")), SMALL)
    assert responses.frame["店"].tolist() == ["甲店", "乙店"]
    assert counts(responses) == {"read": 3, "header repeated": 1, "kept": 2, "asked": 4, "given": 4}


def test_lines_in_neither_encoding_are_named(tmp_path):
    content = pasted(("id,店", "utf-8"), ("1,南京路店", "utf-8"), ("2,ok", "ascii")) + b"3,caf\xe9\n4,\xff\xff\n"
    with pytest.raises(
        DataError, match=r"answers\.csv is not utf-8-sig nor gb18030 text in lines 4, 5\. Save"
    ) as caught:
        read_table(written(tmp_path, content))
    assert caught.value.cases["row"].tolist() == [4, 5]


chinese = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(texts=st.lists(chinese, min_size=1, max_size=6))
def test_a_file_in_gb18030_alone_is_read_as_python_reads_it(texts):
    content = "\n".join(texts).encode("gb18030")
    read = decode(content, "a.csv")
    if read.encoding == "gb18030":
        assert read.text == content.decode("gb18030")
    else:  # bytes that are UTF-8 all through are taken for UTF-8, as everywhere
        assert read.text == content.decode("utf-8")


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(texts=st.lists(st.tuples(chinese, st.booleans()), min_size=1, max_size=8))
def test_lines_of_either_encoding_come_back(texts):
    # a line of three rare bytes may be both; a name that is certain stands first, so each kind is decided by its line
    lines = [("南京路店，人民广场店", True), *texts]
    content = pasted(*((f"徐家汇门店{text}", "utf-8" if utf8 else "gb18030") for text, utf8 in lines))
    assert decode(content, "a.csv").text.splitlines() == [f"徐家汇门店{text}" for text, _ in lines]


def usual_names(n: int, seed: int) -> list[str]:
    """Names of one to four of the 3,755 usual characters, the first level of GB2312."""
    usual = [bytes([a, b]).decode("gb2312") for a in range(0xB0, 0xD7) for b in range(0xA1, 0xFF)]
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(usual, rng.integers(1, 5))) for _ in range(n)]


def test_chance_does_not_make_a_gb18030_file_a_mixed_one():
    # among thousands of short names some are valid UTF-8 as well
    text = "\n".join(usual_names(4000, 1))
    assert decode(text.encode("gb18030"), "a.csv").encoding == "gb18030"
    assert decode(text.encode("gb18030"), "a.csv").text == text


def test_a_mixed_file_of_short_names_comes_back():
    names = [f"{name}门店" for name in usual_names(3000, 2)]
    read = decode(pasted(*((name, "utf-8" if k < 1500 else "gb18030") for k, name in enumerate(names))), "a.csv")
    assert read.text.splitlines() == names
    assert read.other_lines[0] > 1500
    assert len(read.other_lines) == 1500


# --- headers -----------------------------------------------------------------------------------------------

BLOCKS = [["id", "Perceptions", None, "Expectations", None, "weight"], [None, "Clean", "Kind", "Clean", "Kind", None]]
LONG_NAMES = {"P_clean": "Perceptions Clean", "P_kind": "Perceptions Kind",
              "E_clean": "Expectations Clean", "E_kind": "Expectations Kind"}  # fmt: skip


def csv_of(rows):
    return "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows) + "\n"


@pytest.mark.parametrize("kind", ["csv", "merged", "not merged"])
def test_a_title_over_several_columns_belongs_to_all_of_them(tmp_path, kind):
    rows = [*BLOCKS, [1, 5, 6, 7, 7, 1.5], [2, 9, 4, 6, 5, 0.5]]
    merged = ["A1:A2", "B1:C1", "D1:E1", "F1:F2"] if kind == "merged" else []
    path = written(tmp_path, csv_of(rows)) if kind == "csv" else workbook(tmp_path, rows, merged)
    frame, source = read_table(path, header_rows=2)
    assert frame.columns.tolist() == ["id", *LONG_NAMES.values(), "weight"]
    responses = read_responses(path, BOTH, header_rows=2, columns=LONG_NAMES, faults="set aside", respondent="id")
    assert responses.cases[["row", "column"]].to_numpy().tolist() == [[4, "P_clean"]], "as the spreadsheet counts"
    assert responses.answers("expectation").to_dict("list") == {"clean": [7, 6], "kind": [7, 5]}
    assert source.n_raw == 2


def test_titles_above_names_that_are_unique_are_no_part_of_the_name(tmp_path):
    rows = [["id", "感知", None, "期望", None], [None, "P_clean", "P_kind", "E_clean", "E_kind"], [1, 5, 6, 7, 7]]
    path = workbook(tmp_path, rows, ["B1:C1", "D1:E1"])
    assert read_responses(path, BOTH, header_rows=2).pairing == "paired"
    by_title = {"P_clean": "感知 P_clean"}
    assert read_responses(path, BOTH, header_rows=2, columns=by_title).n == 1, "the joined name can be used as well"


def test_question_texts_below_the_codes_are_labels(tmp_path):
    rows = 'tier,P_clean,P_kind\n门店层级,店面整洁,待人热情\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}",x\na,5,6\n'
    path = written(tmp_path, rows)
    responses = read_responses(path, SMALL, header_rows=3)
    assert responses.frame["tier"].tolist() == ["a"]
    assert responses.column_of("tier").heading("zh") == "门店层级"
    assert "P_clean" not in responses.variables, "questions are called as the instrument calls them"
    own = read_responses(path, SMALL, header_rows=3, variables={"tier": Variable({"zh": "层"})})
    assert own.column_of("tier").heading("zh") == "层"


def test_codes_below_the_question_texts_are_found_by_the_instrument(tmp_path):
    path = written(tmp_path, "店面整洁,待人热情\nP_clean,P_kind\n5,6\n")
    assert read_responses(path, SMALL, header_rows=2).answers("perception").to_dict("list") == {
        "clean": [5],
        "kind": [6],
    }
    mapped = read_responses(path, SMALL, header_rows=2, columns={"P_clean": "待人热情", "P_kind": "店面整洁"})
    assert mapped.answers("perception").to_dict("list") == {"clean": [6], "kind": [5]}


def test_a_repeated_header_is_left_out_counted_and_listed(tmp_path):
    path = written(tmp_path, "id,P_clean,P_kind\n1,5,6\nid, P_clean ,P_kind\n2,9,4\nid,P_clean,P_kind\n3,3,3\n")
    responses = read_responses(path, SMALL, faults="set aside", respondent="id")
    assert counts(responses) == {"read": 5, "header repeated": 2, "kept": 3, "asked": 6, "given": 5, "off scale": 1}
    assert responses.ledger.adds_up()
    assert responses.cases[["row", "problem"]].to_numpy().tolist() == [
        [3, "header repeated"], [4, "outside 1-7"], [5, "header repeated"]]  # fmt: skip
    assert "header repeated" in repr(responses.ledger)
    assert "重复的表头" in repr(responses.in_language("zh").ledger)
    with pytest.raises(DataError, match=r"answers\.csv: 1 fault\. P_clean: 1 answer outside 1-7 \(row 4\)"):
        read_responses(path, SMALL)


def test_a_repeated_header_alone_is_no_reason_to_stop(tmp_path):
    path = written(tmp_path, "P_clean,P_kind\n5,6\nP_clean,P_kind\n")
    responses = read_responses(path, SMALL)
    assert (responses.n, len(responses.cases), responses.source.n_raw) == (1, 1, 2)


def test_answers_that_equal_a_header_of_numbers_are_answers(tmp_path):
    numbers = Instrument("n", "1", {"en": "n"}, "", Scale(1, 7), (Form("perception", "{id}"),), (),
                         tuple(Item(name, "", {"en": name}, {"en": name}) for name in "123"))  # fmt: skip
    responses = read_responses(written(tmp_path, "1,2,3\n1,2,3\n4,5,6\n"), numbers)
    assert responses.n == 2
    assert read_responses(workbook(tmp_path, [[1, 2, 3], [1, 2, 3]]), numbers).n == 1, "a spreadsheet's 1.0 is a 1"


def test_blank_rows_above_and_blank_columns(tmp_path):
    rows = [[None] * 5, [None, "P_clean", None, "P_kind", None], ["x", 5, None, 6, None], [None, 9, None, 6, None]]
    for path in (workbook(tmp_path, rows), written(tmp_path, csv_of(rows))):
        responses = read_responses(path, SMALL, faults="set aside")
        assert responses.frame.columns.tolist() == ["column 1", "P_clean", "P_kind"]
        assert responses.cases["row"].tolist() == [4]


def test_a_heading_that_occurs_twice_says_where(tmp_path):
    path = workbook(tmp_path, [["P_clean", "P_kind", None, "P_clean"], [5, 6, None, 7]])
    with pytest.raises(DataError, match=r"'P_clean' occurs more than once \(columns 1, 4.*header_rows = 2") as caught:
        read_table(path)
    assert caught.value.cases["value"].tolist() == [1, 4]


@pytest.mark.parametrize("header_rows", [0, 4, True, "2", None])
def test_what_is_no_number_of_header_rows(tmp_path, header_rows):
    with pytest.raises(SpecError, match="Give 1, 2 or 3"):
        read_table(written(tmp_path, ROWS), header_rows=header_rows)


def test_a_header_without_rows_below(tmp_path):
    with pytest.raises(DataError, match="has a header but no rows"):
        read_table(written(tmp_path, "a,b\nc,d\n"), header_rows=2)


# --- SPSS and Stata ----------------------------------------------------------------------------------------

CELLS = pd.DataFrame(
    {
        "编号": [1.0, 2, 3, 4, 5, 6],
        "P_clean": [5.0, 99, 98, np.nan, 7, 9],
        "P_kind": [6.0, 6, 6, 6, 4.5, 6],
        "tier": [1.0, 2, 1, 9, 2, 1],
        "意见": ["很好", "", "ok", "a,b", "=1", "x"],
        "visited": [datetime.date(2024, 5, k) for k in range(1, 7)],
        "started": pd.to_datetime(["2024-05-01 10:00:00"] * 6),
    }
)
NAMES = {"P_clean": "店面整洁", "tier": "门店层级"}
TIERS = {1: "核心店", 2: "Flagship"}


@pytest.fixture(params=["sav", "zsav"])
def spss(request, tmp_path):
    path = tmp_path / f"答卷.{request.param}"
    pyreadstat.write_sav(
        *(CELLS, path),
        column_labels=NAMES,
        variable_value_labels={"tier": TIERS, "P_clean": {1: "完全不同意", 7: "完全同意", 99: "拒答"}},
        missing_ranges={"P_clean": [{"lo": 98, "hi": 99}], "tier": [9]},
        compress=request.param == "zsav",
    )
    return path


def test_spss_files_bring_numbers_labels_and_declared_missing_values(spss):
    frame, source = read_table(spss)
    assert frame["P_clean"].tolist()[1:3] == [99, 98], "as stored"
    assert source.labels.variables == NAMES
    assert source.labels.values["tier"] == TIERS
    assert frame["visited"].tolist() == CELLS["visited"].tolist()
    responses = read_responses(spss, SMALL, faults="set aside", respondent="编号")
    assert counts(responses) == {
        "read": 6,
        "kept": 6,
        "asked": 12,
        "given": 7,
        "blank": 1,
        "missing code": 2,
        "off scale": 2,
    }
    assert responses.cases[["row", "column", "value"]].to_numpy().tolist() == [
        [5, "P_kind", "4.5"], [6, "P_clean", "9"]]  # fmt: skip
    assert responses.frame["tier"].tolist() == [1, 2, 1, None, 2, 1], "9 is declared as missing"
    assert responses.frame["意见"].tolist() == ["很好", None, "ok", "a,b", "=1", "x"]
    tier = responses.column_of("tier")
    assert (tier.heading("zh"), tier.show(1, "zh"), tier.show(2, "en")) == ("门店层级", "核心店", "Flagship")
    assert sorted(responses.variables) == ["tier"]


def test_labels_follow_a_column_that_is_renamed(spss):
    responses = read_responses(spss, SMALL, SampleDesign(strata="layer"), faults="set aside", columns={"layer": "tier"})
    assert responses.column_of("layer").heading("zh") == "门店层级"
    assert responses.ledger.count("design") == 1


def test_dont_know_goes_before_what_the_file_declares(spss):
    responses = read_responses(spss, SMALL, faults="set aside", dont_know=[98])
    assert (responses.ledger.count("don't know"), responses.ledger.count("missing code")) == (1, 1)


def test_own_names_go_before_the_files_and_their_codes_may_be_texts(spss):
    own = {"tier": Variable({"en": "Tier"}, {"1": {"en": "core"}})}
    tier = read_responses(spss, SMALL, faults="set aside", variables=own).column_of("tier")
    assert (tier.heading("en"), tier.show(1, "en")) == ("Tier", "core")


def test_stata_files_and_their_extended_missing_values(tmp_path):
    path = tmp_path / "答卷.dta"
    frame = pd.DataFrame({"P_clean": [5, "a", 3, "z"], "P_kind": [6, 6, np.nan, 7], "s": ["a", "b", "", "d"]})
    pyreadstat.write_dta(
        *(frame, path),
        column_labels=["整洁", "热情", "文字"],
        missing_user_values={"P_clean": ["a", "z"]},
        variable_value_labels={"P_clean": {7: "同意"}},
    )
    responses = read_responses(path, SMALL)
    assert counts(responses) == {"read": 4, "kept": 4, "asked": 8, "given": 5, "blank": 1, "missing code": 2}
    assert responses.frame["s"].tolist() == ["a", "b", None, "d"], "texts are no missing codes"
    assert read_responses(path, SMALL, dont_know=[".a"]).ledger.count("don't know") == 1


def test_a_column_declared_missing_on_its_own_scale_is_missing():
    # 9 on a 0-10 question, declared by the file itself, is no recommendation of 9
    frame = pd.DataFrame({"P_clean": [5, 5], "P_kind": [5, 5], "recommend": [9, 8]})
    source = read_table("data/sample/stores.csv")[1]
    labels = type(source.labels)(missing={"recommend": ((9, 9),)})
    responses = Responses(frame, SMALL, source=type(source)("a.sav", labels=labels))
    assert responses.answers_by_kind.loc["recommend"].to_dict()["missing code"] == 1


def test_without_pyreadstat_the_extra_is_named(spss, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(SpecError, match=r"pip install 'servqual\[files\]'"):
        read_table(spss)


# --- the same data, whatever holds them --------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    """Answers with gaps, codes, a category, a whole number with gaps, truths, Chinese texts, a weight."""
    rng = np.random.default_rng(7)
    instrument, n = load_instrument("servqual-22"), 300
    names = [column for form in ("expectation", "perception") for column in instrument.columns(form).values()]
    frame = pd.DataFrame(rng.integers(1, 8, (n, len(names))), columns=names)
    frame = frame.mask(rng.random(frame.shape) < 0.03).astype("Int64")
    frame.loc[rng.choice(n, 20, replace=False), "P_TAN1"] = 99
    tiers = np.array(["核心店", "flagship", "社区店"])[rng.integers(0, 3, n)]
    frame.insert(0, "tier", pd.Series(tiers, dtype="category"))
    frame["store"] = pd.Series(rng.integers(1, 13, n)).astype("Int64").mask(pd.Series(rng.random(n) < 0.01))
    frame["again"] = rng.random(n) < 0.5
    frame["comment"] = pd.Series([None if k % 3 else f"意见 {k}" for k in range(n)], dtype=object)
    frame["weight"] = rng.uniform(0.5, 2, n).round(3)
    return frame


def arrow_of(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    place = table.schema.get_field_index("comment")
    return table.set_column(place, "comment", table.column("comment").cast(pa.large_string()))


def parquet_of(frame, folder):
    pq.write_table(arrow_of(frame), folder / "a.parquet")
    return folder / "a.parquet"


def csv_file(frame, folder):
    frame.to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


HOLDERS = {
    "polars": lambda frame, folder: pl.from_arrow(arrow_of(frame)),
    "polars, strings": lambda frame, folder: pl.from_arrow(arrow_of(frame)).with_columns(
        pl.col("tier").cast(pl.String)
    ),
    "arrow": lambda frame, folder: arrow_of(frame),
    "arrow, small chunks": lambda frame, folder: pa.Table.from_batches(arrow_of(frame).to_batches(max_chunksize=70)),
    "arrow reader": lambda frame, folder: arrow_of(frame).to_reader(max_chunksize=50),
    "duckdb": lambda frame, folder: duckdb.connect().from_arrow(arrow_of(frame)),
    "pandas on arrow": lambda frame, folder: arrow_of(frame).to_pandas(types_mapper=pd.ArrowDtype),
    "pandas, numpy": lambda frame, folder: frame.assign(
        **{name: frame[name].astype(float) for name in frame.columns if name[:2] in ("E_", "P_")},
        tier=frame["tier"].astype(object),
    ),
    "parquet": parquet_of,
    "csv": csv_file,
}


def read(held, **options) -> Responses:
    instrument, design = load_instrument("servqual-22"), SampleDesign(clusters="store", weight="weight")
    options = {"missing_codes": [99], "faults": "set aside", **options}
    if hasattr(held, "suffix"):
        return read_responses(held, instrument, design, **options)
    return Responses(held, instrument, design, **options)


def plain_values(frame: pd.DataFrame) -> list[list[str]]:
    return [["" if value is None or value != value else str(value) for value in frame[name]] for name in frame.columns]


@pytest.fixture(scope="module")
def expected(sample):
    responses = read(sample)
    return responses, score_gaps(responses, by="tier").to_frame().to_csv()


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_same_data_give_the_same_responses_and_the_same_bytes(sample, expected, holder, tmp_path):
    before, table = expected
    responses = read(HOLDERS[holder](sample, tmp_path))
    assert plain_values(responses.frame) == plain_values(before.frame)
    assert responses.ledger.to_frame().equals(before.ledger.to_frame())
    assert responses.answers_by_kind.equals(before.answers_by_kind)
    assert responses.cases["problem"].tolist() == before.cases["problem"].tolist()
    assert score_gaps(responses, by="tier").to_frame().to_csv() == table


def test_the_first_table_is_that_of_plain_pandas(sample, expected):
    kept = sample[sample["store"].notna()]
    answers = kept["P_TAN2"].astype(float)
    held = expected[0]
    assert held.n == len(kept)
    assert held.answers_by_kind.loc["P_TAN2", "given"] == answers.notna().sum()
    assert held.answers("perception")["TAN2"].mean() == pytest.approx(answers.mean(), rel=1e-12)
    assert held.ledger.count("missing code") == int((kept["P_TAN1"] == 99).sum())


def test_a_lazy_table_is_refused_with_what_to_write(sample):
    with pytest.raises(SpecError, match=r"collect\(\) a lazy one"):
        read(pl.from_arrow(arrow_of(sample)).lazy())


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([1, None, 3], pa.int8()), [1, None, 3]),
        (pa.array([1, 2], pa.uint16()), [1, 2]),
        (pa.array([True, None]), [True, None]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array([datetime.date(2024, 1, 1), None]), [datetime.date(2024, 1, 1), None]),
        (pa.array([None, None]), [None, None]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_arrow_columns_keep_their_values(column, values):
    frame = as_frame(pa.table({"x": column}))
    assert plain(frame["x"]).tolist() == values


def test_the_package_imports_no_producer():
    import subprocess

    code = "import sys, servqual, survey_design.files.columnar; print([m for m in ('polars', 'duckdb', 'pyreadstat') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# --- what a file is warned of ------------------------------------------------------------------------------


def test_three_percent_of_rows_doubled_are_told_and_kept(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"minute": np.arange(1000), "P_clean": rng.integers(1, 8, 1000), "P_kind": rng.integers(1, 8, 1000)}
    )
    doubled = pd.concat([frame, frame.sample(30, random_state=1)], ignore_index=True)
    doubled.to_csv(tmp_path / "a.csv", index=False)
    responses = read_responses(tmp_path / "a.csv", SMALL)
    assert (responses.n, responses.rows_alike) == (1030, 30)
    assert "a.csv: 30 of 1,030 rows repeat an earlier row" in " ".join(data_cautions(responses, "en"))
    assert "1,030 行中有 30 行与前面某行各列完全相同" in " ".join(data_cautions(responses, "zh"))
    known = read_responses(tmp_path / "a.csv", SMALL, respondent="minute", faults="set aside")
    assert (known.n, known.rows_alike, known.ledger.count("duplicate")) == (1000, 0, 30)


rows_alike = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([1.0, 2.0, 4.5, -0.0, 0.0, None]), st.sampled_from(["a", "b", None])),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(rows=rows_alike)
def test_rows_alike_are_those_that_pandas_counts(rows):
    frame = pd.DataFrame(rows, columns=["P_clean", "x", "y"]).assign(P_kind=5)
    assert Responses(frame, SMALL).rows_alike == int(frame.duplicated().sum())


# --- labels that contradict the scale ----------------------------------------------------------------------

WORDED = replace(SMALL, scale=Scale(1, 7, {"en": "Disagree", "zh": "不同意"}, {"en": "Agree", "zh": "同意"}))


def labelled(folder, labels):
    frame = pd.DataFrame({"P_clean": [1.0, 7, 6], "P_kind": [2.0, 6, 6]})
    pyreadstat.write_sav(frame, folder / "a.sav", variable_value_labels={"P_clean": labels, "P_kind": labels})
    return folder / "a.sav"


@pytest.mark.parametrize("labels", [{1.0: "Agree", 7.0: "DISAGREE "}, {1.0: "同意", 7.0: "不同意"}])
@pytest.mark.parametrize("faults", ["raise", "set aside"])
def test_reversed_value_labels_are_a_fault_with_what_to_do(tmp_path, labels, faults):
    path = labelled(tmp_path, labels)
    with pytest.raises(
        DataError, match=r"column 'P_clean' says 1 = '.*', in the instrument 7 = .*; 7 = .*1 more col"
    ) as error:
        read_responses(path, WORDED, faults=faults)
    assert "8 - answer" in str(error.value)
    assert error.value.cases[["file", "column"]].to_numpy().tolist() == [
        ["a.sav", name] for name in ("P_clean", "P_clean", "P_kind", "P_kind")
    ]


def test_the_advice_on_reversed_labels_works(tmp_path):
    path = labelled(tmp_path, {1.0: "Agree", 7.0: "Disagree"})
    low, high = WORDED.scale.low_label, WORDED.scale.high_label
    items = tuple(replace(item, reverse=True) for item in WORDED.items)
    printed = replace(WORDED, items=items, scale=replace(WORDED.scale, low_label=high, high_label=low))
    turned = read_responses(path, printed).answers("perception")
    assert turned.to_numpy().tolist() == [[7, 6], [1, 2], [2, 2]]
    words = read_table(path)[0].replace({1: "Agree", 7: "Disagree", 6: 2, 2: 6})
    assert Responses(words, WORDED).answers("perception").to_numpy().tolist() == turned.to_numpy().tolist()


def test_labels_that_agree_and_other_words_are_no_fault(tmp_path):
    assert read_responses(labelled(tmp_path, {1.0: "Disagree", 4.0: "neither", 7.0: "Agree"}), WORDED).n == 3


# --- guesses that may be wrong -----------------------------------------------------------------------------


def test_big5_is_not_taken_for_gb18030(tmp_path):
    text = "P_clean,P_kind,意見\n5,6,服務很好，謝謝\n6,7,ok\n"
    path = written(tmp_path, text.encode("big5"))
    with pytest.raises(
        DataError, match=r"characters that no text has\. It may be big5: name it, encoding='big5'"
    ) as error:
        read_responses(path, SMALL)
    assert error.value.cases["row"].tolist() == [2]
    assert read_responses(path, SMALL, encoding="big5").frame["意見"].tolist() == ["服務很好，謝謝", "ok"]
    assert read_responses(path, SMALL, encoding="gb18030").n == 2, "the reader knows better"


def test_a_guess_with_private_characters_is_told_in_both_languages(tmp_path):
    path = written(tmp_path, "P_clean,P_kind,店\n5,6,甲店\n6,7,\ue5e5\ue7c7㐀\n".encode("gb18030"))
    source = read_table(path)[1]
    assert source.encoding == "gb18030"
    (said,) = source.remarks
    assert "gb18030" in said["en"]
    assert "line 3 would hold characters that no text has" in said["en"]
    assert "第 3 行含私用或未定义字符" in said["zh"]
    assert read_table(path, encoding="gb18030")[1].remarks == ()
    assert read_table(written(tmp_path, ROWS.encode("gb18030")))[1].remarks == ()


# --- one label, whatever held it ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def regions() -> pd.DataFrame:
    """Whole numbers with gaps, and without, as pandas holds them: floats."""
    rng, instrument, n = np.random.default_rng(3), load_instrument("servqual-22"), 90
    names = [column for form in ("expectation", "perception") for column in instrument.columns(form).values()]
    frame = pd.DataFrame(rng.integers(1, 8, (n, len(names))).astype(float), columns=names)
    frame["region"] = np.where(np.arange(n) % 9 == 0, np.nan, np.arange(n) % 3 + 1.0)
    frame["wave"] = np.arange(n) % 2 + 1.0
    frame["weight"] = np.arange(n) % 4 + 1.0
    frame["store"] = np.arange(n) % 10 + 1.0
    return frame


FORMS = {
    "nullable": lambda frame, folder: frame.convert_dtypes(),
    "float64 with gaps": lambda frame, folder: frame.astype("Float64"),
    "objects": lambda frame, folder: frame.astype(object),
    "categories": lambda frame, folder: frame.assign(region=frame["region"].astype("category")),
    "polars": lambda frame, folder: pl.from_arrow(pa.Table.from_pandas(frame.convert_dtypes(), preserve_index=False)),
    "polars floats": lambda frame, folder: pl.from_arrow(pa.Table.from_pandas(frame, preserve_index=False)),
    "arrow": lambda frame, folder: pa.Table.from_pandas(frame.convert_dtypes(), preserve_index=False),
    "duckdb": lambda frame, folder: duckdb.connect().from_arrow(pa.Table.from_pandas(frame, preserve_index=False)),
    "csv of floats": csv_file,
    "csv of integers": lambda frame, folder: csv_file(frame.convert_dtypes(), folder),
    "parquet": lambda frame, folder: parquet_plain(frame, folder),
    "excel": lambda frame, folder: excel_plain(frame, folder),
    "stream": lambda frame, folder: lambda: pa.Table.from_pandas(frame.convert_dtypes(), preserve_index=False),
    "stream of floats": lambda frame, folder: (
        lambda: pa.Table.from_pandas(frame, preserve_index=False).to_reader(max_chunksize=7)
    ),
}


def parquet_plain(frame, folder):
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "a.parquet")
    return folder / "a.parquet"


def excel_plain(frame, folder):
    frame.to_excel(folder / "a.xlsx", index=False)
    return folder / "a.xlsx"


def by_region(held, by="region") -> bytes:
    asked, design = load_instrument("servqual-22"), SampleDesign(clusters="store", weight="weight")
    if callable(held):
        found = stream_responses(held, asked, design)
    else:
        found = read_responses(held, asked, design) if hasattr(held, "suffix") else Responses(held, asked, design)
    return score_gaps(found, by=by).to_frame().to_csv(index=False).encode()


@pytest.mark.parametrize("form", FORMS)
def test_groups_have_the_same_labels_whatever_held_them(regions, form, tmp_path):
    table = by_region(regions)
    assert by_region(FORMS[form](regions, tmp_path)) == table
    labels = [line.split(",")[0] for line in table.decode().splitlines()[1:]]
    assert set(labels) == {"1", "2", "3", "(not stated)"}
    assert by_region(FORMS[form](regions, tmp_path), "wave").decode().splitlines()[1].startswith("1,")


def test_fractions_stay_and_weights_stay_floats(regions):
    frame = regions.assign(size=np.arange(90) % 3 / 2 + 2, huge=1e18, none=np.nan)
    responses = Responses(frame, load_instrument("servqual-22"), SampleDesign(clusters="store", weight="weight"))
    assert responses.frame["size"].tolist()[:3] == [2.0, 2.5, 3.0]
    assert responses.frame["weight"].dtype == responses.frame["size"].dtype == responses.frame["huge"].dtype == float
    assert responses.frame["store"].dtype == np.int64
    assert set(responses.frame["none"]) == {None}
    assert regions["region"].dtype == float, "the caller's frame stays as it was"


def test_a_column_with_one_fraction_in_a_later_batch_is_read_as_in_memory(regions, monkeypatch):
    monkeypatch.setattr("servqual.moments.PART", 8)
    frame = regions.assign(region=[np.nan, *np.arange(84) % 2 + 2.0, *[2.5] * 5])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    labels = [line.split(",")[0] for line in by_region(lambda: table.to_reader(max_chunksize=7)).decode().splitlines()]
    assert list(dict.fromkeys(labels[1:])) == ["(not stated)", "2.0", "3.0", "2.5"]
