"""Complaints: reading, shares, rates, clusters, time limits, promises.

Authorities: R 4.2 with ``survival`` 3.5 (Kaplan and Meier with clusters, Greenwood) and ``survey`` 4.1 (share and ratio with stores as
clusters), ``poisson.test``; statsmodels' ``SurvfuncRight``; counts in pandas; simulation with a known truth. The R calls stand above
the numbers they gave.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight

from servqual import load_instrument
from servqual.complaints import (
    complaint_clusters,
    complaint_rates,
    complaint_shares,
    promises_kept,
    read_complaints,
    stage_limits,
)
from servqual.complaints.clusters import held_out_share, solutions_for, solutions_interval
from servqual.complaints.shares import poisson_interval, rate_line, share_lines
from servqual.complaints.survival import Durations, happened_by, median_time
from servqual.focus import keyword_in_context, verbatim_digest
from servqual.plots import new_axes
from survey_design.errors import DataError, SpecError
from survey_design.results import Variable

INSTRUMENT = load_instrument("servqual-22")
SAMPLE = "data/sample/complaints.csv"


def register(rows=None, until="2026-04-01", **columns):
    """Complaints of a few columns; a row a complaint."""
    table = pd.DataFrame(columns if rows is None else rows)
    if "received" not in table:
        table["received"] = "2026-03-02 08:00"
    if not {"item", "text", "phenomenon"} & set(table):
        table["item"] = "REL1"
    return read_complaints(table, INSTRUMENT, until=until)


def random_register(seed, n=120, stores=8, until="2026-03-20"):
    """Complaints with everything drawn at random, a fifth of them still open."""
    rng = np.random.default_rng(seed)
    received = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 18 * 24, n), unit="h")
    dispatched = received + pd.to_timedelta(rng.integers(1, 30, n), unit="h")
    solved = dispatched + pd.to_timedelta(rng.integers(1, 150, n), unit="h")
    return read_complaints(
        pd.DataFrame({
            "store": rng.choice([f"S{k}" for k in range(stores)], n), "item": rng.choice(["REL1", "REL2", "EMP1"], n),
            "place": rng.choice(["counter", "bill", "line"], n), "phenomenon": rng.choice(["wait", "charge"], n),
            "department": rng.choice(["billing", "shop"], n), "received": received, "dispatched": dispatched, "solved": solved,
            "promised": np.where(rng.random(n) < 0.7, (received + pd.Timedelta(days=3)).strftime("%Y-%m-%d"), None),
        }), INSTRUMENT, until=until,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    return read_complaints(SAMPLE, INSTRUMENT, until="2027-01-01", faults="set aside")


# --- reading -----------------------------------------------------------------------------------------------


def test_personal_data_are_masked_and_hostile_texts_stay_texts(sample, tmp_path):
    table = pd.DataFrame({
        "complaint": ["K1", "K2", "K3"], "store": "A", "item": "REL1", "received": "2026-03-02 08:00",
        "text": ["请回电 13800000000，张先生", "=HYPERLINK(\"http://x\")", "<script>alert(1)</script>"], "phone": ["13811112222", "", ""],
        "place": ["bill", "mail ann@example.com", "bill"],
    })  # fmt: skip
    read = read_complaints(table, INSTRUMENT)
    assert read.frame["text"].tolist() == [
        "请回电 [phone]，[name]先生",
        '=HYPERLINK("http://x")',
        "<script>alert(1)</script>",
    ]
    assert "13811112222" not in read.frame.to_csv()
    assert "ann@example.com" not in read.frame.to_csv()
    assert read.masked >= 4
    assert "Personal data were masked" in read.sentence()
    assert "已遮蔽" in read.in_language("zh").sentence()
    kept = read_complaints(table, INSTRUMENT, personal_data="keep")
    assert "13800000000" in kept.frame["text"][0]
    assert kept.masked == 0
    shares = complaint_shares(
        read.__class__(**{**vars(read), "frame": read.frame.assign(place=read.frame["text"])}), of="place"
    )
    assert "<script>" not in shares.to_html()
    assert "\n'=HYPERLINK" in shares.to_csv().replace('"', "").replace("\n\n", "\n")
    assert not sample.frame["text"].dropna().str.contains("13800000000").any()


def test_the_sample_register_adds_up_and_speaks_both_languages(sample):
    assert sample.ledger.adds_up()
    assert sample.ledger.count("kept") == sample.n == len(sample.frame)
    assert len(sample.set_aside) == sample.ledger.count("read") - sample.n
    assert "complaints kept" in str(sample.ledger)
    assert "保留投诉数" in str(sample.ledger.in_language("zh"))
    home = {item.id: item.dimension for item in INSTRUMENT.items}
    known = sample.frame["item"].notna()
    assert sample.frame.loc[known, "dimension"].tolist() == [home[item] for item in sample.frame.loc[known, "item"]]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["2026-03-02 08:00", "2026-03-09", "", "soon"]), st.sampled_from(["2026-03-03", "2026-03-01", "", "x"]),
                          st.sampled_from(["2026-03-04", "", "2027-01-01"]), st.sampled_from(["REL1", "XYZ", ""]), st.sampled_from(["a", "b", ""])),
                min_size=1, max_size=12))  # fmt: skip
def test_nothing_is_lost_whatever_the_file_says(rows):
    table = pd.DataFrame(rows, columns=["received", "dispatched", "solved", "item", "complaint"])
    table = pd.concat(
        [table, pd.DataFrame([{"received": "2026-03-02", "complaint": "good", "item": "REL1"}])], ignore_index=True
    )
    read = read_complaints(table, INSTRUMENT, until="2026-03-31", faults="set aside")
    assert read.ledger.adds_up()
    assert len(read.frame) + len(read.set_aside) == len(table)
    frame = read.frame
    assert not (frame["dispatched"] < frame["received"]).any()
    assert not (frame["solved"] < frame["dispatched"]).any()
    assert not (frame[["dispatched", "solved"]] > read.until).any(axis=None)


def test_every_fault_is_told_at_once_with_row_and_column():
    table = pd.DataFrame({
        "complaint": ["1", "1", "3", "4", "5", "6", "7"], "store": ["A", "A", "A", "Z", "A", "A", "A"],
        "item": ["REL1", "REL1", "REL99", "REL1", "REL1", "", "REL1"],
        "received": ["2026-03-02", "2026-03-02", "2026-03-02", "2026-03-02 12:00", "gone", "2026-03-02", "2026-05-01"],
        "solved": ["", "", "", "2026-03-01", "", "", ""],
    })  # fmt: skip
    with pytest.raises(DataError) as error:
        read_complaints(table, INSTRUMENT, until="2026-04-01", stores=["A"])
    found = error.value.cases.set_index(["row", "column"])["problem"].to_dict()
    assert found == {
        (3, "complaint"): "id seen before", (4, "item"): "not an item of the instrument 'servqual-22'",
        (5, "store"): "not among the stores", (5, "solved"): "before it was received",
        (6, "received"): "not said when it was received", (7, "text"): "nothing is said",
    }  # fmt: skip
    assert len(error.value.cases) == 7  # 'gone' is no time either; what came after the end is no fault
    read = read_complaints(table, INSTRUMENT, until="2026-04-01", stores=["A"], faults="set aside")
    assert read.set_aside["fate"].tolist() == ["duplicate", "no time", "no content", "after the end"]
    assert read.frame["complaint"].tolist() == ["1", "3", "4"]
    assert read.frame["item"].tolist() == ["REL1", None, "REL1"]
    assert read.frame["usable"].tolist() == [True, True, False]
    assert read.frame["store"].tolist() == ["A", "A", None]


def test_bad_options_and_missing_columns_in_words():
    with pytest.raises(DataError, match="no column 'received'"):
        read_complaints(pd.DataFrame({"item": ["REL1"]}), INSTRUMENT)
    with pytest.raises(SpecError, match="until='whenever' is not a time"):
        register(store=["A"], until="whenever")
    with pytest.raises(DataError, match="no complaint says when"):
        read_complaints(pd.DataFrame({"item": ["REL1"], "received": [""]}), INSTRUMENT)


def test_chinese_headings_and_gb18030_are_read(tmp_path):
    path = tmp_path / "投诉.csv"
    path.write_bytes(
        "工单编号,营业厅,题项,受理时间,派单时间,办结时间,投诉内容\n甲1,A01,REL1,2026年3月2日 08:00,2026/3/2 09:00,,等太久了\n".encode(
            "gb18030"
        )
    )
    read = read_complaints(path, load_instrument("servqual-22", language="zh"), until="2026-03-10")
    assert read.frame.loc[0, ["complaint", "store", "text"]].tolist() == ["甲1", "A01", "等太久了"]
    assert read.frame["dispatched"][0] == pd.Timestamp("2026-03-02 09:00")
    assert read.sentence() == "2026-03-02 至 2026-03-10 共 1 件投诉，涉及 1 家门店；截止时 1 件未解决。"


def test_the_clock_counts_and_time_zones_are_not_mixed():
    zone = register(store=["A"], received=["2026-03-02T20:00:00+08:00"], solved=["2026-03-03T08:30:00+08:00"])
    assert zone.frame["solved"][0] == pd.Timestamp("2026-03-03 08:30")
    with pytest.raises(DataError, match="times of 2 time zones"):
        register(store=["A"], received=["2026-03-02T20:00:00+08:00"], solved=["2026-03-03T08:30:00Z"])


def test_what_happens_after_the_end_is_open(sample):
    read = register(store=["A", "B"], solved=["2026-03-05", "2026-05-01"], until="2026-04-01")
    assert read.frame["solved"].isna().tolist() == [False, True]
    assert (read.ledger.count("given"), read.ledger.count("open")) == (
        1,
        1,
    )  # no column of dispatching: nothing is open there
    late = register(store=["A", "B"], solved=["2026-03-05", "2026-05-01"], until=None)
    assert late.until == pd.Timestamp("2026-05-01")
    assert "the last time in it" in late.ending()["en"]


def test_their_own_words_are_read_by_the_tools_of_focus_groups(sample):
    said = sample.statements()
    assert said.n == sample.frame["text"].notna().sum()
    assert len(said.codings) == (sample.frame["text"].notna() & sample.frame["item"].notna()).sum()
    digest = verbatim_digest(said, seed=3, each=1, by=None, of="dimension")
    assert set(digest.frame["text"]) <= set(sample.frame["text"])
    assert len(keyword_in_context(said, "等").frame) > 0


# --- shares ------------------------------------------------------------------------------------------------


def test_share_and_error_are_those_of_r_survey():
    """svymean(~y, svydesign(~store, weights=~1, data)): 0.45, SE 0.116619037897."""
    store = pd.Series([1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 7, 8, 8])
    y = pd.Series([1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0])
    row = share_lines(store, y.to_numpy(), 2, 0.95).iloc[1]
    assert (row["n"], row["of"], row["df"]) == (9, 20, 7)
    assert (row["share"], row["se"]) == pytest.approx((0.45, 0.116619037897), rel=1e-9)
    assert row["low"] < 0.45 - row["se"]
    assert row["high"] > 0.45 + row["se"]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["item", "dimension", "place", "department"]))
def test_shares_are_counts_and_sum_to_one(seed, of):
    complaints = random_register(seed, n=60)
    found = complaint_shares(complaints, of=of).frame
    counts = complaints.frame[of].value_counts()
    assert found.set_index(of)["n"].reindex(counts.index).tolist() == counts.tolist()
    assert found["n"].sum() == 60
    assert found["share"].sum() == pytest.approx(1)
    assert ((found["low"] <= found["share"] + 1e-12) & (found["share"] <= found["high"] + 1e-12)).all()


def test_one_store_or_none_is_said():
    one = complaint_shares(register(store=["A"] * 5, item=["REL1"] * 3 + ["EMP1"] * 2), of="item")
    low, high = stats.binomtest(3, 5).proportion_ci(method="wilson")
    row = one.frame[one.frame["item"] == "REL1"].iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["reason"] == "one cluster"
    assert "only 1 store" in one.note()
    none = complaint_shares(register(item=["REL1"] * 3 + [""] * 2, text=["a", "b", "c", "d", "e"]), of="item")
    assert none.frame["item"].iloc[-1] == "not stated"
    assert none.frame["n"].iloc[-1] == 2
    assert "5 without a store, each taken for itself" in none.note()
    assert "5 件未注明门店" in none.in_language("zh").note()


def test_split_shares_and_sentences_in_both_languages(sample):
    found = complaint_shares(sample, of="dimension", by="department")
    assert found.frame.groupby("department")["share"].sum().tolist() == pytest.approx(
        [1] * found.frame["department"].nunique()
    )
    words = complaint_shares(sample, of="dimension")
    top = words.frame.loc[words.frame["n"].idxmax()]
    assert words.sentence().startswith(f"Reliability: {top['n']} of {sample.n} complaints")
    assert words.in_language("zh").sentence().startswith(f"可靠性：{sample.n} 件投诉中 {top['n']} 件")
    assert "few of those who are dissatisfied complain" in words.note()
    assert "只有少数会投诉" in words.in_language("zh").note()
    with pytest.raises(DataError, match="no column 'weather'"):
        complaint_shares(sample, of="weather")
    with pytest.raises(SpecError, match="one column at most"):
        complaint_shares(sample, of="item", by=["place", "department"])


# --- rates -------------------------------------------------------------------------------------------------


def test_poisson_bounds_are_those_of_r():
    """poisson.test(19, 2500), (0, 100), (7, 100, conf.level = .9)."""
    found = poisson_interval(np.array([19, 0]), 0.95)
    assert (found[0] / [2500, 100]).tolist() == pytest.approx([0.00457569646575, 0], rel=1e-9)
    assert (found[1] / [2500, 100]).tolist() == pytest.approx([0.01186834142863, 0.0368887945411], rel=1e-9)
    low, high = poisson_interval(np.array([7]), 0.9)
    assert (low[0] / 100, high[0] / 100) == pytest.approx((0.0328531569189, 0.1314811380243), rel=1e-9)


def test_a_rate_is_the_ratio_of_r_survey():
    """svyratio(~y, ~x, svydesign(~1, …)), y = 3 0 5 2 8 1, x = 400 150 700 350 650 250: .0076, SE .0015187026042."""
    y, x = np.array([3, 0, 5, 2, 8, 1]), np.array([400, 150, 700, 350, 650, 250])
    found = rate_line(y, x, 0.95)
    poisson = np.sqrt(19) / 2500
    assert found["rate"] == pytest.approx(0.0076)
    assert found["deff"] == pytest.approx(0.0015187026042**2 / poisson**2, rel=1e-9)
    assert found["se"] == pytest.approx(poisson)  # never below Poisson's
    spread = rate_line(5 * y, x, 0.95)
    assert spread["se"] == pytest.approx(5 * 0.0015187026042, rel=1e-9)
    reach = stats.t.ppf(0.975, 5) * spread["se"] / spread["rate"]
    assert (np.log(spread["low"] / spread["rate"]), np.log(spread["high"] / spread["rate"])) == pytest.approx(
        (-reach, reach)
    )


def test_rates_count_stores_without_complaints_and_refuse_a_base_that_cannot_be():
    complaints = register(store=["A"] * 3 + ["B", None], item="REL1")
    base = pd.DataFrame(
        {"store": ["A", "B", "C", "D"], "customers": [1000, 500, 500, 2000], "tier": ["x", "x", "y", "y"]}
    )
    found = complaint_rates(complaints, base)
    assert found.frame[["n", "customers", "stores", "rate"]].iloc[0].tolist() == [4, 4000, 4, 1.0]
    assert found.n_outside == 1
    assert "1 complaint without a store left out" in found.note()
    assert found.sentence().startswith("1.0 complaints for 1,000 customers (95% CI ")
    assert found.in_language("zh").sentence().startswith("每 1,000 名顾客 1.0 件投诉（95% 置信区间 ")
    tier = complaint_rates(complaints, base, by="tier").frame.set_index("tier")
    assert tier["n"].to_dict() == {"x": 4, "y": 0}
    assert tier.loc["y", "reason"] == "none"
    assert tier.loc["y", "high"] == pytest.approx(1000 * 3.6888794541 / 2500)
    each = complaint_rates(complaints, base, by="store").frame.set_index("store")
    assert each.loc["A", "reason"] == "poisson"
    assert each.loc["A", "rate"] == 3
    with pytest.raises(DataError) as error:
        complaint_rates(complaints, {"A": -5, "C": 10})
    assert set(error.value.cases["problem"]) == {"not a number of 0 or more", "1 complaint but no customers"}
    with pytest.raises(DataError, match="stands twice"):
        complaint_rates(complaints, pd.concat([base, base.iloc[:1]]))
    with pytest.raises(SpecError, match="per=0"):
        complaint_rates(complaints, base, per=0)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_rates_of_items_sum_to_the_rate_of_all(seed):
    complaints = random_register(seed)
    base = {f"S{k}": 100 * (k + 1) for k in range(8)}
    parts = complaint_rates(complaints, base, of="item").frame
    assert parts["rate"].sum() == pytest.approx(complaint_rates(complaints, base).frame["rate"].iloc[0])


# --- clusters ----------------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 0.95))
def test_clusters_hold_everything_and_the_fewest_hold_the_target(seed, target):
    complaints = random_register(seed, n=80)
    found = complaint_clusters(complaints, target=target, draws=100)
    frame = found.frame
    sizes = complaints.frame.groupby(["place", "phenomenon"]).size().sort_values(ascending=False).to_numpy()
    assert frame["n"].tolist() == sizes.tolist()
    assert frame["cumulative"].iloc[-1] == pytest.approx(1)
    enough = [k for k in range(1, len(sizes) + 1) if sizes[:k].sum() >= target * 80 - 1e-9]
    assert found.k == min(enough) == frame["needed"].sum() == len(found.top())


def test_how_many_solutions_varies_with_the_stores_drawn():
    counts = np.array([50, 30, 15, 5])
    assert [solutions_for(counts, t) for t in (0.5, 0.51, 0.8, 0.95, 0.99)] == [1, 2, 2, 3, 4]
    codes, stores = np.repeat(np.arange(4), counts), np.zeros(100, dtype=int)
    assert solutions_interval(codes, stores, 0.8, 200, 0.95, 0) == (2, 2)  # one store: nothing varies
    apart = solutions_interval(codes, np.arange(100), 0.8, 500, 0.95, 0)
    assert apart[0] <= 2 <= apart[1]
    assert apart != (2, 2)
    assert apart == solutions_interval(codes, np.arange(100), 0.8, 500, 0.95, 0)


def test_the_later_half_tests_what_the_earlier_half_chose():
    codes = np.array([0] * 20 + [1] * 5 + [0] * 10 + [2] * 15)
    when = pd.Series(pd.date_range("2026-01-01", periods=50))
    assert held_out_share(codes, when, 0.8) == (0.4, 1)  # 20 of 25 before, 10 of 25 after
    share, k = held_out_share(codes[:30], when[:30], 0.8)
    assert np.isnan(share)
    assert k == 0


def test_clusters_in_words(sample):
    found = complaint_clusters(sample, draws=200, seed=5)
    assert (
        f"the {found.k} largest (95% interval {found.k_low} to {found.k_high}) hold 81% (80% was asked for)"
        in found.sentence()
    )
    assert f"其中最大的 {found.k} 类" in found.in_language("zh").sentence()
    assert "partly the largest by chance" in found.note()
    assert "部分出于偶然" in found.in_language("zh").note()
    named = read_complaints(SAMPLE, INSTRUMENT, faults="set aside", variables={
        "place": Variable({"en": "where", "zh": "环节"}, {"waiting_area": {"en": "waiting area", "zh": "等候区"}})})  # fmt: skip
    zh = complaint_clusters(named, draws=200).in_language("zh")
    assert "等候区" in str(zh)
    assert "投诉聚类：环节 × 现象" in str(zh)
    with pytest.raises(SpecError, match="nothing to gather by"):
        complaint_clusters(register(store=["A", "B"]))
    with pytest.raises(SpecError, match="one or more columns"):
        complaint_clusters(sample, within=("place", "place"))
    with pytest.raises(SpecError, match="target"):
        complaint_clusters(sample, target=1.5)


# --- time limits -------------------------------------------------------------------------------------------

TIME = np.array([2, 3, 3, 5, 6, 6, 7, 8, 9, 9, 10, 12, 12, 14, 15, 16, 18, 20, 21, 24], dtype=float)
DONE = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0], dtype=bool)
STORE = np.array([1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 1, 2, 3, 4, 5, 6]) - 1


def test_kaplan_meier_and_its_error_between_clusters_are_rs():
    """summary(survfit(Surv(time, done) ~ 1, cluster = store), times = c(6, 9, 12, 18)); R leaves out the factor m/(m − 1)."""
    surv = [0.794117647059, 0.567226890756, 0.441176470588, 0.226890756303]
    se = [0.0971032224561, 0.1022251643791, 0.0441314528056, 0.0737577903263]
    found = [happened_by(Durations(TIME, DONE, STORE), t) for t in (6, 9, 12, 18)]
    assert [each.share for each in found] == pytest.approx([1 - s for s in surv], rel=1e-10)
    assert [each.se for each in found] == pytest.approx([s * np.sqrt(6 / 5) for s in se], rel=1e-10)
    assert {each.df for each in found} == {5.0}
    assert median_time(Durations(TIME, DONE, STORE))[0] == 12  # quantile(survfit(…), .5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=3, max_size=40), st.integers(1, 15))
def test_for_any_data_the_curve_is_statsmodels_and_the_error_greenwoods(rows, at):
    time, done = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    if not done.any():
        return
    found = happened_by(Durations(time, done, np.arange(len(time))), at)
    curve = SurvfuncRight(time, done.astype(int))
    before = np.flatnonzero(curve.surv_times <= at)
    expected = 1.0 if not len(before) else curve.surv_prob[before[-1]]
    if time.max() < at and expected > 0:
        assert np.isnan(found.share)
        return
    assert found.share == pytest.approx(1 - expected, abs=1e-12)
    if len(before) and 0 < expected < 1:
        n = len(time)
        greenwood = curve.surv_prob_se[before[-1]]
        assert found.se == pytest.approx(greenwood * np.sqrt(n / (n - 1)), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=4, max_size=40), st.integers(1, 20))
def test_without_open_cases_it_is_an_ordinary_share(times, at):
    time = np.array(times, dtype=float)
    if time.max() < at:
        return
    cluster = np.arange(len(time)) // 2
    found = happened_by(Durations(time, np.full(len(time), True), cluster), at)
    row = share_lines(pd.Series(cluster), (time <= at).astype(int), 2, 0.95).iloc[1]
    assert found.share == pytest.approx(row["share"])
    if 0 < row["share"] < 1:
        assert found.se == pytest.approx(row["se"], abs=1e-12)


def test_open_complaints_are_neither_dropped_nor_called_late():
    """Half of all take longer than the limit; a third are seen for less than it."""
    rng = np.random.default_rng(11)
    n = 4000
    true, seen = rng.exponential(10 / np.log(2), n), rng.uniform(0, 30, n)
    durations = Durations(np.minimum(true, seen), true <= seen, np.arange(n) % 80)
    found = happened_by(durations, 10.0)
    assert found.share == pytest.approx(0.5, abs=3 * found.se)
    dropped = (true <= 10)[true <= seen].mean()
    called_late = ((true <= 10) & (true <= seen)).mean()
    assert dropped > 0.5 + 5 * found.se > 0.5 - 5 * found.se > called_late


def test_intervals_of_the_share_on_time_and_of_the_median_cover_the_truth():
    """400 registers of 12 stores × 15 complaints whose pace the store sets, a third open; 95 %, Monte Carlo error 1.1."""
    rng = np.random.default_rng(2026)
    pace = np.exp(rng.normal(0, 0.5, 200_000))
    truth, middle = 1 - np.exp(-10 / (20 * pace)).mean(), np.median(rng.exponential(20 * pace))
    share, median = [], []
    for _ in range(400):
        slow = np.repeat(np.exp(rng.normal(0, 0.5, 12)), 15)
        true, seen = rng.exponential(20 * slow), rng.uniform(5, 90, 180)
        durations = Durations(np.minimum(true, seen), true <= seen, np.repeat(np.arange(12), 15))
        found, (_, low, high) = happened_by(durations, 10.0), median_time(durations)
        share.append(found.low <= truth <= found.high)
        median.append(low <= middle <= high)
    assert 0.925 <= np.mean(share) <= 0.985, np.mean(share)
    assert 0.925 <= np.mean(median) <= 0.985, np.mean(median)


def limited(**more):
    return register(
        store=list("ABCDEF"), department=["billing"] * 4 + ["shop"] * 2, dispatched=["2026-03-02 09:00"] * 5 + [""],
        solved=["2026-03-02 19:00", "2026-03-03 08:00", "2026-03-05 09:00", "", "2026-03-02 12:00", ""], until="2026-03-06", **more,
    )  # fmt: skip


def test_limits_by_department_and_stage():
    found = stage_limits(limited(), {"billing": {"dispatch": 4, "solve": 24}, "shop": 2, "warehouse": 8})
    billing, shop, empty = (found.row(name, "solve") for name in ("billing", "shop", "warehouse"))
    assert billing[["n", "reached", "open", "late", "waiting", "on_time"]].tolist() == [4, 3, 1, 2, 0, 0.5]
    assert (shop["n"], shop["late"], shop["on_time"], shop["reason"]) == (
        1,
        1,
        0.0,
        "one",
    )  # not dispatched: not here yet
    assert (empty["n"], empty["reason"]) == (0, "nobody")
    assert np.isnan(empty["on_time"])
    assert found.row("shop", "dispatch")["reason"] == "no limit"
    every = found.row("(all)", "solve")
    assert (every["n"], every["on_time"], every["late"]) == (5, pytest.approx(0.4), 3)
    assert np.isnan(every["limit"])
    assert found.sentence("billing", "solve").startswith(
        "billing, dispatched → solved: 50% of 4 within 24 hours (95% CI "
    )
    assert "within its own limit" in found.sentence("(all)", "solve")
    zh = found.in_language("zh")
    assert zh.sentence("billing", "solve").startswith("billing，派单 → 解决：4 件中 50% 在 24 小时内完成")
    assert "在各自时限内完成" in zh.sentence("(all)", "solve")
    assert "无投诉" in zh.sentence("warehouse", "solve")
    with pytest.raises(SpecError, match="no row 'nonesuch'"):
        found.row("nonesuch", "solve")


def test_a_limit_longer_than_anything_seen_is_refused_in_words():
    found = stage_limits(limited(), {"*": {"whole": 500}})
    row = found.row("billing", "whole")
    assert row["reason"] == "too short"
    assert np.isnan(row["on_time"])
    assert row["waiting"] == 1
    assert "seen for as long as the limit" in found.sentence("billing", "whole")


def test_times_that_cannot_be_used_are_dropped_and_counted():
    table = pd.DataFrame({"store": list("ABCD"), "item": "REL1", "department": "billing", "received": "2026-03-02 08:00",
                          "dispatched": ["2026-03-02 09:00", "", "2026-03-02 09:00", "2026-03-01"],
                          "solved": ["2026-03-02 12:00", "2026-03-02 12:00", "", "2026-03-02 12:00"]})  # fmt: skip
    read = read_complaints(table, INSTRUMENT, until="2026-03-04", faults="set aside")
    found = stage_limits(read, {"billing": {"dispatch": 2, "solve": 10, "whole": 24}})
    rows = [found.row("billing", stage)[["n", "n_dropped"]].tolist() for stage in ("dispatch", "solve", "whole")]
    assert rows == [[2, 2], [2, 2], [3, 1]]
    dated = read_complaints(
        table.drop(columns="received").assign(date="2026-03-02").iloc[:3], INSTRUMENT, until="2026-03-04"
    )
    found = stage_limits(dated, {"billing": {"solve": 10, "whole": 24}})
    assert (found.row("billing", "whole")["n"], found.row("billing", "solve")["n"]) == (0, 2)


@pytest.mark.parametrize(
    ("limits", "words"),
    [({}, "none is given"), ({"a": 0}, "'a', solve: 0 is not"), ({"a": {"fix": 3}}, "'a' has a limit for 'fix'"), ({"a": "soon"}, "'soon'")],
)  # fmt: skip
def test_limits_that_cannot_be(limits, words):
    with pytest.raises(SpecError, match=words):
        stage_limits(limited(), limits)


# --- promises ----------------------------------------------------------------------------------------------


def promised(**more):
    return register(
        store=list("ABCDEF"), department=["billing"] * 3 + ["shop"] * 3, promised=["2026-03-03"] * 3 + ["2026-03-20", "", "2026-03-05"],
        solved=["2026-03-03 23:59", "2026-03-04 00:00", "", "2026-03-04", "2026-03-04", "2026-03-05"], until="2026-03-10", **more,
    )  # fmt: skip


def test_promises_kept_late_open_and_not_due():
    found = promises_kept(promised())
    every = found.frame.iloc[0]
    assert every[["promised", "not_due", "n", "kept", "late", "open"]].tolist() == [5, 1, 4, 2, 1, 1]
    assert (every["share"], every["over"], found.unpromised) == (0.5, 0.5, 1)
    assert every["over_low"] == pytest.approx(1 - every["high"])
    assert every["days_late"] == pytest.approx(np.median([0, 6]))  # to midnight of March 4, and to the end
    billing = found.frame[found.frame["department"] == "billing"].iloc[0]
    assert billing[["n", "kept", "late", "open"]].tolist() == [3, 1, 1, 1]
    assert found.sentence().startswith("50% of 4 promises that fell due were kept (95% CI ")
    assert found.in_language("zh").sentence("billing").startswith("billing：3 项到期承诺兑现 33%")
    assert "1 not due yet, 1 complaint without a promise" in found.note()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_every_promise_has_one_fate_and_groups_add_up(seed):
    frame = promises_kept(random_register(seed)).frame
    assert (frame["kept"] + frame["late"] + frame["open"] == frame["n"]).all()
    assert (frame["n"] + frame["not_due"] + frame["n_dropped"] == frame["promised"]).all()
    counts = ["promised", "not_due", "n", "kept", "late", "open"]
    assert frame.loc[0, counts].tolist() == frame.loc[1:, counts].sum().tolist()
    assert frame.loc[frame["n"] > 0, "share"].tolist() == pytest.approx((frame["kept"] / frame["n"]).dropna().tolist())


def test_nothing_promised_and_nothing_due():
    with pytest.raises(DataError, match="no complaint says what day was promised"):
        promises_kept(register(store=["A"]))
    none = promises_kept(register(store=["A"], promised=["2026-12-24"]), by=None)
    assert none.sentence() == "no promise has fallen due."
    assert none.in_language("zh").sentence() == "没有到期的承诺。"
    assert none.frame.loc[0, "reason"] == "nobody"


# --- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_hold_the_numbers(sample, language):
    complaints = sample.in_language(language)
    shares = complaint_shares(complaints, of="dimension")
    marks = {each.get_label(): each for each in shares.plot(new_axes()).collections}
    drawn = shares.frame[shares.frame["n"] > 0].sort_values("n", ascending=False, kind="stable")
    assert marks["share"].get_offsets()[:, 0].tolist() == pytest.approx((100 * drawn["share"]).tolist())
    clusters = complaint_clusters(complaints, draws=100)
    ax = clusters.plot(new_axes(), most=6)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx((100 * clusters.frame["share"].head(6)).tolist())
    assert ax.lines[0].get_xdata() == pytest.approx((100 * clusters.frame["cumulative"].head(6)).to_numpy())
    limits = stage_limits(complaints, {"*": 48})
    offsets = {each.get_label(): each for each in limits.plot(new_axes()).collections}["share"].get_offsets()[:, 0]
    assert offsets.tolist() == pytest.approx((100 * limits.frame["on_time"]).tolist())
    promises = promises_kept(complaints)
    offsets = {each.get_label(): each for each in promises.plot(new_axes()).collections}["share"].get_offsets()[:, 0]
    assert offsets.tolist() == pytest.approx((100 * promises.frame["share"]).tolist())


def test_what_cannot_be_drawn_is_said(sample):
    with pytest.raises(SpecError, match="split by department"):
        complaint_shares(sample, of="item", by="department").plot(new_axes())
    with pytest.raises(SpecError, match="stage 'dispatch'"):
        stage_limits(sample, {"*": 48}).plot(new_axes(), stage="dispatch")
    with pytest.raises(SpecError, match="no promise has fallen due"):
        promises_kept(register(store=["A"], promised=["2026-12-24"])).plot(new_axes())


# --- what a register does not record -----------------------------------------------------------------------

BARE = pd.DataFrame({"complaint": list("abcdef"), "store": list("AABBCC"), "item": ["REL1", "REL1", "RES2", "REL1", "RES2", "REL1"],
                     "department": "billing", "received": "2026-03-02 08:00", "dispatched": "2026-03-02 09:00",
                     "solved": ["2026-03-02 19:00", "2026-03-03 08:00", "2026-03-05 09:00", "", "", ""],
                     "promised": "2026-03-04"})  # fmt: skip


def test_a_column_that_is_missing_is_not_read_as_nobody_solved_anything():
    """With the column three of six are solved; without it nothing is known, and nothing may be 0%."""
    whole = read_complaints(BARE, INSTRUMENT, until="2026-03-10")
    assert stage_limits(whole, {"billing": 48}).row("billing", "solve")["on_time"] == pytest.approx(2 / 6)
    assert promises_kept(whole).frame["share"][0] == pytest.approx(2 / 6)
    lost = read_complaints(BARE.drop(columns="solved"), INSTRUMENT, until="2026-03-10")
    found = stage_limits(lost, {"billing": {"dispatch": 2, "solve": 48, "whole": 72}})
    assert (found.row("billing", "dispatch")["on_time"], found.row("billing", "dispatch")["reason"]) == (1.0, "")
    for stage in ("solve", "whole"):
        row = found.row("billing", stage)
        assert row[["on_time", "low", "high", "median"]].isna().all()
        assert (row["reason"], row["open"], row["late"]) == ("not recorded", 0, 0)
    none = stage_limits(lost, {"billing": 48})
    assert none.sentence() == "No limit can be judged (billing: the register has no such times)."
    assert none.in_language("zh").sentence() == "无法计算按时率（billing：登记中无此类时间）。"
    with pytest.raises(DataError, match="no times of solving"):
        promises_kept(lost)
    assert "not solved" not in lost.sentence()
    assert "登记中无解决时间" in lost.in_language("zh").sentence()
    assert lost.ledger.adds_up()
    assert lost.ledger.count("asked") == 6
    assert stage_limits(read_complaints(BARE.drop(columns="dispatched"), INSTRUMENT, until="2026-03-10"),
                        {"billing": 48}).row("billing", "solve")["reason"] == "not recorded"  # fmt: skip


def test_the_end_must_be_a_day_and_not_before_the_first_complaint():
    for until in ("July", "10 days", "soon"):
        with pytest.raises(SpecError, match="is not a time"):
            read_complaints(BARE, INSTRUMENT, until=until)
    for until in ("2026-03-10", "2026/3/10", "2026-03-10 18:00", pd.Timestamp("2026-03-10")):
        assert read_complaints(BARE, INSTRUMENT, until=until).n == 6
    with pytest.raises(DataError, match=r"all 6 complaints were received after until=2026-03-01"):
        read_complaints(BARE, INSTRUMENT, until="2026-03-01")


def test_a_department_that_no_complaint_names_is_told():
    read = read_complaints(BARE, INSTRUMENT, until="2026-03-10")
    found = stage_limits(read, {"billing": 48, "门市": 24})
    assert "no complaint names 门市, for which a limit is given" in found.note()
    assert "设有时限的门市没有投诉" in found.in_language("zh").note()
    alone = stage_limits(read, {"门市": 24})
    assert alone.sentence() == "No limit can be judged (门市: no complaints)."
    assert "no complaint names" not in stage_limits(read, {"billing": 48, "*": 24}).note()


def test_items_without_a_complaint_have_plain_words_and_both_spellings_are_known():
    read = read_complaints(BARE, INSTRUMENT, until="2026-03-10")
    found = complaint_shares(read, of="items")
    pd.testing.assert_frame_equal(found.frame, complaint_shares(read, of="item").frame)
    assert set(found.frame.loc[found.frame["n"] == 0, "reason"]) == {"none"}
    shown = found.in_language("zh").to_string()
    assert "无投诉" in shown
    assert "受访者" not in shown
    assert complaint_shares(read, of="dimensions").unit == "dimension"


def test_the_largest_clusters_are_said_to_hold_what_they_hold():
    found = complaint_clusters(
        read_complaints(BARE.assign(place="till", phenomenon=list("xxxxxy")), INSTRUMENT, until="2026-03-10")
    )
    assert found.k == 1
    assert "hold 83% (80% was asked for)" in found.sentence()
    assert "合计占 83%（目标 80%）" in found.in_language("zh").sentence()
