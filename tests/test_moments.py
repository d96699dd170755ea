"""Moments: counts, sums and cross-products per sampling cell, added exactly and equal from every kind of input.

Authority: sums written out in Python's whole numbers or in plain pandas (pairwise, column by column), pandas' own
``.cov()``, and identities that must hold for any data. "The same bits" means equality without a tolerance; weighted
sums are held to a relative 1e-12, since the order of additions may change their last bits.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual import Mean, Moments, SampleDesign, Taylor, estimate
from servqual.inference import Term
from servqual.moments import ScoreMap
from survey_design.errors import DataError, SpecError

COLUMNS = ["x", "y", "z"]
DESIGN = SampleDesign(strata="stratum", clusters="cluster")
WEIGHTED = SampleDesign(strata="stratum", clusters="cluster", weight="weight")
POWERS = {"count": 0, "first": 1, "second": 2}
FEW = settings(max_examples=12, deadline=None, derandomize=True)


def sample(seed: int, n: int = 40, missing: float = 0.0) -> pd.DataFrame:
    """Answers 1 to 7 with gaps, of respondents in clusters within strata, with weights of two decimals."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(1, 8, (n, 3)), columns=COLUMNS)
    if missing:
        frame = frame.astype(float).mask(rng.random((n, 3)) < missing)
    labels = {
        "stratum": rng.choice(list("AB"), n),
        "cluster": rng.integers(0, 4, n),
        "group": rng.choice(list("uvw"), n),
    }
    return frame.assign(**labels, weight=rng.uniform(0.2, 4, n).round(2))


def by_cell(moments: Moments) -> dict[Any, tuple[np.ndarray, ...]]:
    """The three Gram matrices of every cell, by the cell's keys: the order of cells is not part of the meaning."""
    keys = moments.cells[["source", "domain", "stratum", "cluster", "subcluster"]].itertuples(index=False, name=None)
    return dict(zip(keys, zip(moments.count, moments.first, moments.second, strict=True), strict=True))


def assert_same(a: Moments, b: Moments, rel: float = 0.0) -> None:
    ours, theirs = by_cell(a), by_cell(b)
    assert set(ours) == set(theirs)
    for key, grams in ours.items():
        for mine, other in zip(grams, theirs[key], strict=True):
            if rel:
                np.testing.assert_allclose(mine, other, rtol=rel, atol=rel * np.abs(other).max())
            else:
                np.testing.assert_array_equal(mine, other)


def naive(frame: pd.DataFrame, power: int, origin: float = 0.0) -> dict[str, dict[tuple[str, str], float]]:
    """Pairwise sums, one pair of columns at a time: n, sum of x and sum of xy over those who answered both."""
    weight = frame["weight"] ** power
    out: dict[str, dict[tuple[str, str], float]] = {"n": {}, "x": {}, "xy": {}}
    for a in COLUMNS:
        for b in COLUMNS:
            both = frame[a].notna() & frame[b].notna()
            x, y, w = (series[both] for series in (frame[a] - origin, frame[b] - origin, weight))
            out["n"][a, b], out["x"][a, b], out["xy"][a, b] = w.sum(), (w * x).sum(), (w * x * y).sum()
    return out


def pairwise(moments: Moments, power: int, domain: Any = None) -> dict[str, dict[tuple[str, str], float]]:
    """The same sums read from moments."""
    gram = moments.total(moments.in_domain(domain), power)
    mask, score = ({c: at(c) for c in COLUMNS} for at in (moments.mask_index, moments.score_index))
    pairs = [(a, b) for a in COLUMNS for b in COLUMNS]
    return {"n": {(a, b): gram[mask[a], mask[b]] for a, b in pairs},
            "x": {(a, b): gram[score[a], mask[b]] for a, b in pairs},
            "xy": {(a, b): gram[score[a], score[b]] for a, b in pairs}}  # fmt: skip


# --- additivity --------------------------------------------------------------------------------------------


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]), st.lists(st.integers(0, 40), max_size=4), st.data())
def test_any_split_in_any_order_gives_the_same_bits(seed, missing, cuts, data):
    """Whole numbers without weights: sums are exact, so it cannot matter who is added when."""
    frame = sample(seed, missing=missing)
    whole = Moments.from_frame(frame, COLUMNS, DESIGN, by=["group"])
    order = data.draw(st.permutations(range(len(frame))))
    shuffled = frame.iloc[order]
    edges = [0, *sorted(cuts), len(frame)]
    parts = [shuffled.iloc[a:b] for a, b in itertools.pairwise(edges)]
    added = Moments.empty(whole.map)
    for k in data.draw(st.permutations(range(len(parts)))):
        added = added + Moments.from_frame(parts[k], COLUMNS, DESIGN, by=["group"])
    assert_same(added, whole)
    assert not added.weighted


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]), st.lists(st.integers(0, 40), max_size=4), st.data())
def test_any_split_in_any_order_with_weights(seed, missing, cuts, data):
    frame = sample(seed, missing=missing)
    whole = Moments.from_frame(frame, COLUMNS, WEIGHTED, by=["group"])
    shuffled = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    edges = [0, *sorted(cuts), len(frame)]
    added = Moments.empty(whole.map)
    for a, b in itertools.pairwise(edges):
        added = added + Moments.from_frame(shuffled.iloc[a:b], COLUMNS, WEIGHTED, by=["group"])
    assert_same(added, whole, rel=1e-12)
    assert added.weighted


def test_adding_is_associative_and_has_a_zero():
    frame = sample(3)
    a, b, c = (Moments.from_frame(part, COLUMNS, DESIGN) for part in (frame[:10], frame[10:25], frame[25:]))
    assert_same((a + b) + c, a + (b + c))
    assert_same(a + b, b + a)
    zero = Moments.empty(a.map)
    assert_same(zero + a, a)
    assert_same(a + zero, a)
    assert np.isnan(zero.means()).all()


def test_many_rows_on_two_threads_give_the_same_bits():
    """Beyond a quarter of a million rows the blocks are shared between threads, added in a fixed order."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(1, 8, (300_000, 3), dtype=np.int8), columns=COLUMNS)
    x = frame.to_numpy(np.int64)
    total = Moments.from_frame(frame, COLUMNS).total()
    np.testing.assert_array_equal(total[4:, 4:], x.T @ x)
    np.testing.assert_array_equal(total[0, 4:], x.sum(axis=0))
    assert_same(Moments.from_frame(frame[:123_457], COLUMNS) + Moments.from_frame(frame[123_457:], COLUMNS),
                Moments.from_frame(frame, COLUMNS))  # fmt: skip


def test_moments_of_different_columns_are_not_added():
    frame = sample(1)
    with pytest.raises(SpecError):
        Moments.from_frame(frame, ["x"]) + Moments.from_frame(frame, ["y"])


@pytest.mark.parametrize(
    "other",
    [
        ScoreMap.plain(["x"], 4.0),
        ScoreMap(("x",), ("x",), np.array([[1]]), np.array([2.0]), ("x",), np.zeros(1)),
    ],
    ids=["origin", "denominator"],
)
def test_moments_of_one_name_but_another_meaning_are_refused_or_reconciled(other):
    """Sums about 0 and sums about 4 have no meaning together; both parts here hold the same two answers, 1 and 3."""
    frame = pd.DataFrame({"x": [1.0, 3.0]})
    mine, theirs = (Moments.from_frame(frame, score_map) for score_map in (ScoreMap.plain(["x"]), other))
    try:
        together = mine + theirs
    except SpecError:
        return
    assert together.means()[0] == pytest.approx((mine.means()[0] + theirs.means()[0]) / 2)


# --- kinds of input ----------------------------------------------------------------------------------------


def arrow_inputs(frame: pd.DataFrame) -> dict[str, Any]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    encoded = table
    for name in ("stratum", "group"):
        encoded = encoded.set_column(encoded.column_names.index(name), name, encoded[name].dictionary_encode())
    return {
        "table": table,
        "one batch": table.to_batches(),
        "small batches": table.to_batches(max_chunksize=7),
        "generator": (batch for batch in table.to_batches(max_chunksize=11)),
        "reader": pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=5)),
        "columns in another order": table.select(table.column_names[::-1]),
        "more columns than asked": table.append_column("other", pa.array(["?"] * len(frame))),
        "dictionary-encoded": encoded,
    }


@pytest.mark.parametrize("missing", [0.0, 0.3], ids=["complete", "gaps"])
@pytest.mark.parametrize("kind", list(arrow_inputs(sample(0))))
def test_arrow_streams_are_data_frames(kind, missing):
    """Parquet files, DuckDB and Polars all stream record batches: how they are cut changes no bit."""
    frame = sample(4, missing=missing)
    stream = arrow_inputs(frame)
    assert_same(Moments.from_batches(stream[kind], COLUMNS, DESIGN, by=["group"]),
                Moments.from_frame(frame, COLUMNS, DESIGN, by=["group"]))  # fmt: skip
    stream = arrow_inputs(frame)
    assert_same(
        Moments.from_batches(stream[kind], COLUMNS, WEIGHTED), Moments.from_frame(frame, COLUMNS, WEIGHTED), 1e-12
    )


def test_whole_numbers_with_nulls_in_arrow():
    """An Arrow integer column with nulls becomes floats in those batches only; the sums are the same."""
    values = {name: [1, None, 3, 7, 5, None, 2, 2] for name in COLUMNS}
    table = pa.table({name: pa.array(column, pa.int8()) for name, column in values.items()})
    frame = pd.DataFrame(values, dtype=float)
    assert_same(Moments.from_batches(table.to_batches(max_chunksize=3), COLUMNS), Moments.from_frame(frame, COLUMNS))


def test_clusters_keep_their_name_where_another_batch_has_a_null():
    """Cluster 1 is one cluster, however the stream is cut."""
    table = pa.table({"store": pa.array([1, 1, 2, None]), "x": [1, 2, 3, 4]})
    design = SampleDesign(clusters="store")
    cut = [Moments.from_batches(table.to_batches(max_chunksize=size), ["x"], design) for size in (4, 3, 1)]
    for moments in cut[1:]:
        assert_same(moments, cut[0])


def test_a_stream_without_a_column_says_which():
    with pytest.raises(DataError, match="weight"):
        Moments.from_batches(pa.table({"x": [1]}), ["x"], SampleDesign(weight="weight"))


def test_an_empty_stream_and_an_empty_frame():
    for moments in (Moments.from_batches([], COLUMNS), Moments.from_frame(sample(0).iloc[:0], COLUMNS, DESIGN)):
        assert len(moments.cells) == 0
        assert np.isnan(moments.means()).all()
        assert np.isnan(moments.covariance()).all()


KINDS = ["int8", "uint8", "int16", "uint16", "int32", "int64", "float32", "float64", "Int8", "Int64", "Float64",
         "object", "int64[pyarrow]", "double[pyarrow]"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number(kind):
    """The same answers, however they are stored."""
    frame = sample(5)
    other = frame.astype(dict.fromkeys(COLUMNS, kind))
    for design, rel in ((DESIGN, 0.0), (WEIGHTED, 1e-12)):
        assert_same(Moments.from_frame(other, COLUMNS, design), Moments.from_frame(frame, COLUMNS, design), rel)


@pytest.mark.parametrize("kind", ["float32", "Int8", "Int64", "Float64", "object", "int64[pyarrow]", "double[pyarrow]"])
def test_every_kind_of_number_with_gaps(kind):
    frame = sample(6, missing=0.3)
    other = frame.astype(dict.fromkeys(COLUMNS, kind))
    assert_same(Moments.from_frame(other, COLUMNS, DESIGN), Moments.from_frame(frame, COLUMNS, DESIGN))


def test_yes_and_no_are_one_and_zero():
    frame = sample(7)
    flags = frame.assign(**{name: frame[name] > 4 for name in COLUMNS})
    numbers = frame.assign(**{name: (frame[name] > 4).astype(float) for name in COLUMNS})
    assert_same(Moments.from_frame(flags, COLUMNS, DESIGN), Moments.from_frame(numbers, COLUMNS, DESIGN))


def test_mixed_kinds_in_one_frame():
    frame = sample(8)
    mixed = frame.astype({"x": "int8", "y": "Int64", "z": "float32"})
    assert_same(Moments.from_frame(mixed, COLUMNS, DESIGN), Moments.from_frame(frame, COLUMNS, DESIGN))


def test_memory_order_of_the_answers_does_not_matter():
    values = sample(9)[COLUMNS].to_numpy(np.int8)
    frames = [pd.DataFrame(np.array(values, order=order), columns=COLUMNS) for order in "CF"]
    assert_same(*(Moments.from_frame(frame, COLUMNS) for frame in frames))
    wider = frames[0].assign(other="?")[["other", *COLUMNS]]
    assert_same(Moments.from_frame(wider, COLUMNS[::-1]), Moments.from_frame(frames[1], COLUMNS[::-1]))


def test_a_repeated_index_is_no_key():
    frame = sample(10)
    repeated = frame.set_axis([0] * len(frame))
    assert_same(Moments.from_frame(repeated, COLUMNS, WEIGHTED, by=["group"]),
                Moments.from_frame(frame, COLUMNS, WEIGHTED, by=["group"]))  # fmt: skip


# --- exact whole numbers -----------------------------------------------------------------------------------


def exact(frame: pd.DataFrame, origin: int = 0) -> list[list[int]]:
    """Sums of products in Python's whole numbers, which have no last bit."""
    columns = [[int(v) - origin for v in frame[name]] for name in frame.columns]
    return [[sum(a * b for a, b in zip(p, q, strict=True)) for q in columns] for p in columns]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("n", [1_676, 1_677, 1_678, 1_700, 5_000])
def test_answers_of_0_to_100_are_summed_exactly(n, kind):
    """float32 holds whole numbers up to 2^24 = 16 777 216: 1677 hundreds squared stay below it, 1678 do not."""
    frame = pd.DataFrame({"x": np.full(n, 100), "y": np.r_[99, np.full(n - 1, 100)]}).astype(kind)
    total = Moments.from_frame(frame, ["x", "y"]).total()
    assert total[3:, 3:].tolist() == exact(frame)
    assert total[0, 3:].tolist() == [100 * n, 100 * n - 1]


@FEW
@given(
    st.sampled_from([("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767), ("uint16", 0, 65535)]),
    st.integers(1, 3000),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 4, -7, 50, 1000]),
)
def test_small_integers_of_any_size_are_summed_exactly(kind, n, seed, origin):
    """Odd numbers near the ends of the type, so that every product needs its last bit."""
    name, low, high = kind
    rng = np.random.default_rng(seed)
    values = rng.choice([low, low + 1, high - 2, high, high], (n, 2))
    frame = pd.DataFrame(values, columns=["x", "y"]).astype(name)
    total = Moments.from_frame(frame, ScoreMap.plain(["x", "y"], float(origin))).total()
    assert total[3:, 3:].tolist() == exact(frame, origin)


def test_large_integers_do_not_overflow():
    """Sums of squares of 32-bit numbers pass 2^63; they are held as floats, to a relative 1e-15."""
    frame = pd.DataFrame({"x": np.full(1000, 2_000_000_000, dtype=np.int32)})
    assert Moments.from_frame(frame, ["x"]).total()[2, 2] == pytest.approx(1000 * 4e18, rel=1e-15)


# --- missing answers, weights, origins ---------------------------------------------------------------------


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.sampled_from([0.0, 4.0, 3.5]))
def test_pairwise_sums_are_those_of_plain_pandas(seed, missing, origin):
    """Over those who answered both columns of a pair, for the weights' powers 0, 1 and 2, in every domain."""
    frame = sample(seed, missing=missing)
    moments = Moments.from_frame(frame, ScoreMap.plain(COLUMNS, origin), WEIGHTED, by=["group"])
    for power in POWERS.values():
        for domain, rows in [(None, frame), *(((label,), rows) for label, rows in frame.groupby("group"))]:
            found, expected = pairwise(moments, power, domain), naive(rows, power, origin)
            for what, numbers in expected.items():
                assert found[what] == pytest.approx(numbers, rel=1e-12, abs=1e-11), (what, power, domain)


def test_unweighted_gaps_are_exact():
    frame = sample(11, missing=0.4).assign(weight=1.0)
    moments = Moments.from_frame(frame, ScoreMap.plain(COLUMNS, 4.0), DESIGN)
    for power in POWERS.values():
        assert pairwise(moments, power) == naive(frame, 0, 4.0)


@FEW
@given(st.integers(0, 2**32 - 1), st.floats(-1e4, 1e4), st.sampled_from([0.0, 0.3]))
def test_the_origin_changes_no_mean_covariance_or_error(seed, origin, missing):
    """Shifting every answer shifts every mean and nothing else; the origin is only where sums are taken about."""
    frame = sample(seed, missing=missing)
    plain, moved = (Moments.from_frame(frame, ScoreMap.plain(COLUMNS, o), WEIGHTED) for o in (0.0, origin))
    scale = 1 + abs(origin)
    assert moved.means() == pytest.approx(plain.means(), rel=1e-13 * scale, nan_ok=True)
    assert moved.covariance().ravel() == pytest.approx(
        plain.covariance().ravel(), rel=0, abs=1e-13 * scale**2, nan_ok=True
    )
    errors = []
    for moments in (plain, moved):
        k, row = moments.score_index("x"), moments.total()[0]
        slope = np.zeros((1, len(row)))
        slope[0, k], slope[0, 1] = 1 / row[1], -row[k] / row[1] ** 2
        errors.append(Taylor().spread(moments, [Term((), slope, np.array([[1]]))]).se[0])
    assert errors[1] == pytest.approx(errors[0], rel=1e-10 * scale)


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 0.6]))
def test_covariances_are_those_of_pandas(seed, missing):
    """``DataFrame.cov()`` takes each pair's own rows, means and n - 1: complete and pairwise alike."""
    frame = sample(seed, missing=missing)
    moments = Moments.from_frame(frame, ScoreMap.plain(COLUMNS, 4.0), DESIGN, by=["group"])
    np.testing.assert_allclose(moments.covariance(), frame[COLUMNS].cov(), rtol=1e-10, atol=1e-12)
    for label, rows in frame.groupby("group"):
        np.testing.assert_allclose(moments.covariance((label,)), rows[COLUMNS].cov(), rtol=1e-10, atol=1e-12)


@FEW
@given(st.integers(0, 2**32 - 1))
def test_weighted_covariance_written_out(seed):
    """R's svyvar: n/(n - 1) times the weighted mean of products about the weighted means (see test_inference.py)."""
    frame = sample(seed)
    w, x = frame["weight"].to_numpy(), frame[COLUMNS].to_numpy(float)
    away = x - np.average(x, axis=0, weights=w)
    expected = (away.T * w) @ away / w.sum() * len(x) / (len(x) - 1)
    moments = Moments.from_frame(frame, ScoreMap.plain(COLUMNS, 4.0), WEIGHTED)
    np.testing.assert_allclose(moments.covariance(), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(moments.means(), np.average(x, axis=0, weights=w), rtol=1e-13)
    equal = Moments.from_frame(frame.assign(weight=3.0), ScoreMap.plain(COLUMNS, 4.0), WEIGHTED)
    np.testing.assert_allclose(equal.covariance(), frame[COLUMNS].cov(), rtol=1e-10, atol=1e-12)


def test_a_covariance_about_a_far_origin_is_not_lost():
    """NIST NumAcc4 in spirit: answers near ten million keep their tenths when the origin is near them."""
    frame = pd.DataFrame({"x": 1e7 + np.tile([0.1, 0.3], 500)})
    moments = Moments.from_frame(frame, ScoreMap.plain(["x"], 1e7))
    assert moments.covariance()[0, 0] == pytest.approx(0.01 * 1000 / 999, rel=1e-7)


def test_one_answer_has_no_covariance():
    moments = Moments.from_frame(pd.DataFrame({"x": [3.0, np.nan], "y": [1.0, 2.0]}), ["x", "y"])
    assert np.isnan(moments.covariance()).tolist() == [[True, True], [True, False]]


# --- scores of several answers -----------------------------------------------------------------------------

MAP = ScoreMap(
    answers=("x", "y", "z"),
    scores=("xy", "xyz", "z"),
    weights=np.array([[1, 1, 0], [1, 2, 0], [0, -3, 1]]),
    denominators=np.array([2.0, 6.0, 1.0]),
    masks=("pair", "all", "z"),
    origin=np.full(3, 4.0),
)


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.2, 0.6]))
def test_a_score_exists_where_all_of_its_answers_do(seed, missing):
    """A respondent's score is written out row by row in pandas, then averaged by weight."""
    frame = sample(seed, missing=missing)
    scores = pd.DataFrame({"xy": (frame["x"] + frame["y"]) / 2, "z": frame["z"],
                           "xyz": (frame["x"] + 2 * frame["y"] - 3 * frame["z"]) / 6})[list(MAP.scores)]  # fmt: skip
    moments = Moments.from_frame(frame, MAP, WEIGHTED)
    w = frame["weight"]
    expected = [
        (w * scores[s]).sum() / w[scores[s].notna()].sum() if scores[s].notna().any() else np.nan for s in scores
    ]
    assert moments.means() == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)
    counts = [moments.total(power=0)[0, moments.mask_index(s)] for s in MAP.scores]
    assert counts == scores.notna().sum().tolist()
    plain = Moments.from_frame(frame, MAP, DESIGN)
    np.testing.assert_allclose(plain.covariance(), scores.cov(), rtol=1e-9, atol=1e-11)


def test_scores_that_share_a_mask_exist_together():
    shared = ScoreMap(("x", "y"), ("x", "y"), np.eye(2, dtype=int), np.ones(2), ("both", "both"), np.zeros(2))
    frame = pd.DataFrame({"x": [1.0, 2.0, np.nan], "y": [5.0, np.nan, 6.0]})
    moments = Moments.from_frame(frame, shared)
    assert moments.means().tolist() == [1, 5]
    assert moments.total(power=0)[0, 1] == 1


@FEW
@given(st.integers(0, 2**32 - 1))
def test_complete_rows_and_rows_with_gaps_take_different_ways_to_the_same_sums(seed):
    """A row is summed among complete ones or among those with gaps; an empty row more changes none of the others."""
    frame = sample(seed)
    gap = frame.iloc[:1].assign(**dict.fromkeys(COLUMNS, np.nan))
    complete = Moments.from_frame(frame.assign(stratum="A", cluster=0), MAP, DESIGN)
    lone = Moments.from_frame(gap.assign(stratum="A", cluster=0), MAP, DESIGN)
    together = Moments.from_frame(pd.concat([frame, gap]).assign(stratum="A", cluster=0), MAP, DESIGN)
    assert_same(together, complete + lone)
    first, second = frame.iloc[:20], frame.iloc[20:]
    parts = [
        Moments.from_frame(pd.concat([part, gap]).assign(stratum="A", cluster=0), MAP, DESIGN)
        for part in (first, second)
    ]
    assert_same(parts[0] + parts[1], complete + lone + lone)


# --- cells and domains -------------------------------------------------------------------------------------


def test_clusters_without_anybody_of_a_domain_stay_as_zeros():
    """Lumley (2010), section 2.1: a domain does not change how many clusters were drawn.

    Four clusters, the domain met in two of them: its variance is that of four totals, two of which are 0.
    """
    frame = pd.DataFrame({"cluster": list("aabbccdd"), "group": list("uvuvvvvv"), "x": [1.0, 5, 3, 4, 2, 2, 6, 7]})
    design = SampleDesign(clusters="cluster")
    moments = Moments.from_frame(frame, ["x"], design, by=["group"])
    assert moments.layout.clusters.tolist() == [4]
    assert len(moments.in_domain(("u",))) == 2
    line = estimate(frame, Mean("x"), design, by="group").to_frame().set_index("group").loc["u"]
    totals = np.array([(1 - 2) / 2, (3 - 2) / 2, 0, 0])
    assert line["se"] ** 2 == pytest.approx(4 / 3 * ((totals - totals.mean()) ** 2).sum(), rel=1e-12)
    assert line["df"] == 1


def test_a_domain_that_is_not_there_is_empty():
    moments = Moments.from_frame(sample(12), COLUMNS, DESIGN, by=["group"])
    assert len(moments.in_domain(("nobody",))) == 0
    assert not moments.total(moments.in_domain(("nobody",))).any()
    assert np.isnan(moments.means(("nobody",))).all()


def test_people_who_answered_nothing_keep_their_cluster():
    """A cluster in which nobody answered x was drawn all the same."""
    frame = pd.DataFrame({"cluster": list("aabbcc"), "x": [1.0, 2.0, 3.0, 5.0, np.nan, np.nan]})
    moments = Moments.from_frame(frame, ["x"], SampleDesign(clusters="cluster"))
    assert moments.layout.clusters.tolist() == [3]
    assert moments.total(power=0)[0, :2].tolist() == [6, 4]


def test_domains_add_up_to_everybody():
    frame = sample(13, missing=0.2)
    moments = Moments.from_frame(frame, COLUMNS, DESIGN, by=["group", "stratum"])
    parts = sum(moments.total(moments.in_domain(domain)) for domain in moments.domains)
    np.testing.assert_array_equal(parts, Moments.from_frame(frame, COLUMNS, DESIGN).total())
    assert set(moments.domains) == set(zip(frame["group"], frame["stratum"], strict=True))


def test_rows_whose_group_is_missing_are_a_domain_of_their_own():
    frame = pd.DataFrame({"g": ["a", None, "a", None], "h": ["u", "u", None, None], "x": [1.0, 2, 3, 4]})
    one = Moments.from_frame(frame, ["x"], by=["g"])
    assert {str(label): one.means((label,))[0] for (label,) in one.domains} == {"a": 2.0, "(not stated)": 3.0}
    two = Moments.from_frame(frame, ["x"], by=["g", "h"])
    assert [two.means(domain)[0] for domain in two.domains] == [1, 2, 3, 4]


def test_a_store_and_a_region_of_one_name_do_not_meet():
    """Strata and clusters carry the name of their column."""
    frame = pd.DataFrame({"region": ["1", "2"], "store": ["1", "1"], "x": [1.0, 2.0]})
    moments = Moments.from_frame(frame, ["x"], SampleDesign(strata="region", clusters="store"))
    assert set(moments.cells["stratum"]) == {"region=1", "region=2"}
    assert set(moments.cells["cluster"]) == {"store=1"}
    assert moments.layout.clusters.tolist() == [1, 1], "store 1 of region 1 is not store 1 of region 2"


@pytest.mark.parametrize("population", ["clusters", ("whole", "people")], ids=["stratum", "cluster"])
def test_a_population_size_must_be_one_number(population):
    """One size per stratum for clusters, per cluster for people: otherwise any of them would be silently taken."""
    frame = pd.DataFrame({"store": list("aabb"), "clusters": [9, 9, 8, 8], "whole": 9, "people": [50, 60, 70, 70],
                          "group": list("uvuv"), "x": [1.0, 2, 3, 4]})  # fmt: skip
    design = SampleDesign(clusters="store", population=population)
    with pytest.raises(DataError):
        Moments.from_frame(frame, ["x"], design)
    with pytest.raises(DataError):
        Moments.from_frame(frame, ["x"], design, by=["group"])


def test_parts_with_different_population_sizes_are_not_added():
    frame = pd.DataFrame({"store": list("ab"), "size": 9, "x": [1.0, 2.0]})
    design = SampleDesign(clusters="store", population="size", whole_clusters=True)
    with pytest.raises(DataError):
        Moments.from_frame(frame, ["x"], design) + Moments.from_frame(frame.assign(size=8), ["x"], design)


@pytest.mark.parametrize("kind", ["int8", "int64", "float64", "Int64"])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_callers_frame_is_unchanged(kind, missing):
    """Style, principle 14: values, types, index and memory as they were."""
    frame = sample(14, missing=missing if kind in ("float64", "Int64") else 0).astype(dict.fromkeys(COLUMNS, kind))
    frame.index = frame.index + 100
    before = frame.copy(deep=True)
    moments = Moments.from_frame(frame, ScoreMap.plain(COLUMNS, 4.0), WEIGHTED, by=["group"])
    moments.means(), moments.covariance(), moments.layout
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    moments.cells["stratum"] = "changed"
    moments.count[:] = 0
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
