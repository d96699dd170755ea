"""Answers that don't fit into memory: the same bytes as from memory, for any batch size and any producer."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from servqual import Bootstrap, Responses, SampleDesign, load_instrument, read_responses, score_gaps, score_performance
from servqual.moments import PART
from servqual.streams import stream_responses
from servqual.tolerance import score_tolerance
from survey_design.errors import DataError, SpecError

ASKED = load_instrument("servqual-22")
ITEMS = [*ASKED.columns("expectation").values(), *ASKED.columns("perception").values()]
DESIGN = SampleDesign(strata="tier", clusters="store", weight="w", selection="probability")
POINTS = {d.id: f"points_{d.id}" for d in ASKED.dimensions}
DIRTY = {"respondent": "id", "faults": "set aside", "dont_know": [99], "missing_codes": [-9]}


def study(n=900, seed=1, *, dirty=True):
    """Paired answers in stores, with weights and points; some missing, off the scale, coded, some people twice."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": np.arange(n) + 1000, "store": [f"店{k % 17:02d}" for k in range(n)]})
    frame["tier"] = np.where(frame["store"].str[1:].astype(int) % 2 == 0, "core", "边远")
    frame["w"] = generator.uniform(0.3, 3, n)
    answers = generator.integers(1, 8, (n, 44)).astype("int64")
    frame = pd.concat([frame, pd.DataFrame(answers, columns=ITEMS)], axis=1)
    points = generator.multinomial(100, [0.3, 0.25, 0.2, 0.15, 0.1], n)
    frame = pd.concat([frame, pd.DataFrame(points, columns=list(POINTS.values()))], axis=1)
    if dirty:
        for value in (99, -9, 8):
            where = generator.random((n, 44)) < 0.004
            frame[ITEMS] = frame[ITEMS].mask(where, value)
        frame[ITEMS] = frame[ITEMS].astype("Int64").mask(generator.random((n, 44)) < 0.01)
        frame.loc[generator.choice(n, 20, replace=False), "id"] = 1005
    return frame


def tables(responses, **options):
    """Every table of a study as text."""
    gaps = score_gaps(responses, by="tier", importance=POINTS, **options)
    shown = [gaps.dimensions, gaps.items, gaps.total, gaps.diagnostics, gaps.effects]
    performance = score_performance(responses, by="tier")
    return [*(table.to_csv() for table in shown), gaps.note(), performance.to_csv(), performance.note(),
            responses.ledger.to_csv()]  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    return study()


@pytest.fixture(scope="module")
def in_memory(frame):
    return {
        missing: tables(Responses(frame, ASKED, DESIGN, **DIRTY), missing=missing)
        for missing in ("pairwise", "available")
    }


@pytest.mark.parametrize("missing", ["pairwise", "available"])
@pytest.mark.parametrize("rows", [1, 7, 250, 10_000])
def test_the_same_bytes_for_any_batch_size(frame, in_memory, rows, missing):
    if rows == 1:
        frame = frame.iloc[:150]
        expected = tables(Responses(frame, ASKED, DESIGN, **DIRTY), missing=missing)
    else:
        expected = in_memory[missing]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    reader = lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=rows))  # noqa: E731
    assert tables(stream_responses(reader, ASKED, DESIGN, **DIRTY), missing=missing) == expected


def sources(frame, folder):
    """The same data as other libraries hold them, in memory and as streams."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    polars = pl.from_arrow(table)
    path = folder / "answers.parquet"
    pq.write_table(table, path, row_group_size=113)
    frame.to_csv(folder / "answers.csv", index=False)
    duck = duckdb.connect()
    duck.register("answers", table)
    yield "pyarrow", lambda: Responses(table, ASKED, DESIGN, **DIRTY)
    yield "polars", lambda: Responses(polars, ASKED, DESIGN, **DIRTY)
    yield "duckdb", lambda: Responses(duck.sql("select * from answers"), ASKED, DESIGN, **DIRTY)
    yield (
        "pandas with Arrow columns",
        lambda: Responses(table.to_pandas(types_mapper=pd.ArrowDtype), ASKED, DESIGN, **DIRTY),
    )
    yield "streamed polars", lambda: stream_responses(lambda: polars, ASKED, DESIGN, **DIRTY)
    yield "streamed duckdb", lambda: stream_responses(lambda: duck.sql("select * from answers"), ASKED, DESIGN, **DIRTY)


def test_the_same_bytes_from_every_library(frame, in_memory, tmp_path):
    for name, make in sources(frame, tmp_path):
        assert tables(make()) == in_memory["pairwise"], name


def test_the_same_bytes_from_every_file(frame, tmp_path):
    """Files have names, which only the notes and ledgers tell."""
    for _ in sources(frame, tmp_path):
        pass
    parquet = read_responses(tmp_path / "answers.parquet", ASKED, DESIGN, **DIRTY)
    text = read_responses(tmp_path / "answers.csv", ASKED, DESIGN, **DIRTY)
    streamed = stream_responses(tmp_path / "answers.parquet", ASKED, DESIGN, **DIRTY)
    assert tables(parquet) == tables(text) == tables(streamed)
    assert streamed.source.sha256 == parquet.source.sha256
    assert streamed.source.n_raw == len(frame)


def test_blocks_are_cut_by_the_rows_kept_not_by_the_batches():
    """More rows than one block holds, weighted: the last bits agree."""
    n = PART + 5_000
    generator = np.random.default_rng(3)
    columns = ITEMS[:4] + ITEMS[22:26]
    frame = pd.DataFrame(generator.integers(1, 8, (n, len(ITEMS))).astype(np.int8), columns=ITEMS)
    frame["w"], frame["store"], frame["tier"] = generator.uniform(0.3, 3, n), generator.integers(0, 40, n), 1
    frame.loc[generator.random(n) < 0.02, columns] = 0
    table = pa.Table.from_pandas(frame, preserve_index=False)
    memory = score_gaps(Responses(frame, ASKED, DESIGN, missing_codes=[0]), by="tier")
    stream = score_gaps(stream_responses(lambda: table, ASKED, DESIGN, missing_codes=[0]), by="tier")
    assert memory.items.to_csv() == stream.items.to_csv()
    assert memory.effects.to_csv() == stream.effects.to_csv()


def test_the_ledger_adds_up_and_people_seen_in_an_earlier_batch_are_found(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    small = stream_responses(
        lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(10)), ASKED, DESIGN, **DIRTY
    )
    whole = Responses(frame, ASKED, DESIGN, **DIRTY)
    assert small.ledger.adds_up()
    assert small.ledger.frame.equals(whole.ledger.frame)
    assert small.ledger.count("duplicate") >= 19
    pd.testing.assert_frame_equal(small.answers_by_kind, whole.answers_by_kind)
    pd.testing.assert_frame_equal(
        pd.concat(small.frames(), ignore_index=True)[ITEMS].astype(float), whole.frame[ITEMS].astype(float)
    )


@pytest.mark.parametrize("ids", [["a1", "Ａ1 ", "b", None], ["1001", "1001.0", "x", ""], [7, 7, 8, None]], ids=str)
def test_one_person_is_one_person_in_any_spelling(ids):
    frame = study(4, dirty=False).assign(id=pd.Series(ids, dtype=object if isinstance(ids[0], str) else "Int64"))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    stream = stream_responses(lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(1)), ASKED, respondent="id",
                              faults="set aside")  # fmt: skip
    assert stream.ledger.frame.equals(Responses(frame, ASKED, respondent="id", faults="set aside").ledger.frame)
    assert stream.n == (3 if ids[0] != "a1" else Responses(frame, ASKED, respondent="id", faults="set aside").n)


def test_faults_are_raised_with_their_rows_counted_from_1():
    frame = study(50, dirty=False)
    frame.loc[30, ITEMS[5]] = 9
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pytest.raises(DataError, match=r"1 faults.*outside 1-7 \(row 31\)") as caught:
        stream_responses(lambda: table, ASKED)
    assert caught.value.cases["row"].tolist() == [31]


def test_the_first_thousand_faulty_cells_are_listed_and_all_are_counted():
    frame = study(60, dirty=False)
    frame[ITEMS] = frame[ITEMS].mask(frame[ITEMS] < 5, 12)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    stream = stream_responses(lambda: table, ASKED, faults="set aside")
    assert len(stream.cases) == 1000
    assert stream.ledger.count("off scale") == int((frame[ITEMS] == 12).sum().sum()) > 1000


def test_what_needs_all_rows_says_so():
    table = pa.Table.from_pandas(study(60, dirty=False), preserve_index=False)
    stream = stream_responses(lambda: table, ASKED)
    with pytest.raises(SpecError, match="is streamed: its rows are not in memory"):
        stream.answers("perception")
    with pytest.raises(SpecError, match=r"would be resampled one by one; use Taylor\(\)"):
        score_gaps(stream, interval=Bootstrap(50, seed=1))
    zones = load_instrument("tolerance-22")
    zoned = pd.DataFrame(
        {c: [3, 4, 5] for form in ("minimum", "desired", "perception") for c in zones.columns(form).values()}
    )
    with pytest.raises(SpecError, match="is streamed"):
        score_tolerance(stream_responses(lambda: pa.Table.from_pandas(zoned), zones))


def test_clusters_can_be_resampled_from_a_stream(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    both = (Responses(frame, ASKED, DESIGN, **DIRTY), stream_responses(lambda: table, ASKED, DESIGN, **DIRTY))
    first, second = (score_gaps(r, by="tier", interval=Bootstrap(200, seed=1)).to_frame() for r in both)
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_expectations_and_perceptions_of_different_people_may_both_be_streamed(frame):
    expected, found = frame.drop(columns=ITEMS[22:]), study(400, 2).drop(columns=ITEMS[:22])
    options = {**DIRTY, "respondent": None}
    memory = Responses(found, ASKED, DESIGN, **options).joined_with(Responses(expected, ASKED, DESIGN, **options))
    parts = [pa.Table.from_pandas(part, preserve_index=False) for part in (found, expected)]
    streams = [stream_responses(lambda part=part: part, ASKED, DESIGN, **options) for part in parts]
    pd.testing.assert_frame_equal(
        score_gaps(memory, by="tier").to_frame(),
        score_gaps(streams[0].joined_with(streams[1]), by="tier").to_frame(),
        check_exact=True,
    )


def test_bad_sources_are_refused(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match=r"broken.parquet cannot be read as Parquet"):
        stream_responses(tmp_path / "broken.parquet", ASKED)
    with pytest.raises(DataError, match=r"nowhere.parquet cannot be read"):
        stream_responses(tmp_path / "nowhere.parquet", ASKED)
    with pytest.raises(SpecError, match="a function that starts the stream"):
        stream_responses(pa.table({"x": [1]}), ASKED)
    with pytest.raises(DataError, match="P_TAN2"):
        stream_responses(lambda: pa.table({"P_TAN1": [1]}), ASKED)


def test_progress_is_told():
    table = pa.Table.from_pandas(study(60, dirty=False), preserve_index=False)
    told = []
    stream_responses(
        lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(25)), ASKED, progress=told.append
    )
    assert told == [25, 50, 60]


@pytest.mark.parametrize("rows", [1000, 37, 5])
def test_a_leading_zero_is_part_of_an_id(rows):
    """ "0500" and "500" are two people, whether they stand in one batch or in two."""
    frame = study(200, dirty=False).assign(id=[f"{k:04d}" for k in range(500, 600)] + [str(k) for k in range(500, 600)])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    stream = stream_responses(
        lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(rows)), ASKED, respondent="id"
    )
    assert stream.n == Responses(frame, ASKED, respondent="id").n == 200


def luhn(number):
    """The number with its check digit."""
    digits = [int(d) for d in str(number)][::-1]
    total = sum(sum(divmod(2 * d, 10)) if k % 2 == 0 else d for k, d in enumerate(digits))
    return int(f"{number}{-total % 10}")


@pytest.mark.parametrize("rows", [100, 7, 1])
def test_what_is_masked_does_not_hang_on_the_batches(rows):
    """Order numbers of 16 digits, some of which pass for card numbers by chance; and telephone numbers as ids."""
    frame = study(40, dirty=False).assign(order=[4000000000000000 + 7 * k for k in range(40)])
    frame.loc[[3, 9], "order"] = [luhn(400000000000001), luhn(400000000000077)]
    frame["id"] = [13800000000 + k // 2 for k in range(40)]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    stream = stream_responses(lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(rows)), ASKED, respondent="id",
                              faults="set aside")  # fmt: skip
    memory = Responses(frame, ASKED, respondent="id", faults="set aside")
    kinds = [r.personal_data.frame.groupby(["column", "kind"])["n"].sum().to_dict() for r in (stream, memory)]
    assert kinds[0] == kinds[1] == {("id", "phone"): 40}
    assert set(stream.cases["value"]) == {"[phone]"}, "codes would start anew in every part"
    assert len(stream.cases) == 20
