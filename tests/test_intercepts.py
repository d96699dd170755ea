"""Exit surveys: the draw keeps its probabilities, the plan its promises, the weights their identities, the page its numbers.

Authorities: probabilities by hand (π = m F_b / F), counting over 20,000 draws, statsmodels' weighted statistics, and a
simulated population whose means are known (docs/intercepts.md).
"""

from __future__ import annotations

import io
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm
from statsmodels.stats.weightstats import DescrStatsW

from benchmarks import intercepts as bench
from servqual.inference import Mean, estimate
from survey_design.errors import DataError, SpecError
from survey_design.intercepts import (
    DISPOSITIONS,
    InterceptPlan,
    count_outcomes,
    intercept_weights,
    plan_intercepts,
    tally_sheet,
)
from survey_design.intercepts.assignment import home_regions
from survey_design.intercepts.blocks import hourly_footfall, time_blocks
from survey_design.intercepts.drawing import draw_table
from survey_design.intercepts.plan import held_interviews, leaver_interval, store_strata
from survey_design.intercepts.weights import trim_weights
from survey_design.plots.sheet import new_axes
from survey_design.results import Variable

AREAS = ("residential", "commercial", "industrial", "hypermarket")
CODES = [each.name for each in DISPOSITIONS]
PAGE = Path(__file__).parents[1] / "docs" / "intercepts.md"


def footfall(stores: int = 8, days: int = 6, seed: int = 0, open_at: int = 10, close: int = 18) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2026-03-02", periods=days).strftime("%Y-%m-%d")
    rows = [(f"S{s + 1:02d}", d, h, int(15 + (10 + 5 * s) * rng.gamma(3, 0.4)))
            for s in range(stores) for d in dates for h in range(open_at, close)]  # fmt: skip
    return pd.DataFrame(rows, columns=["store", "day", "hour", "leavers"])


def attributes(stores: int = 8) -> pd.DataFrame:
    names = [f"S{s + 1:02d}" for s in range(stores)]
    return pd.DataFrame({"store": names, "area_type": [AREAS[s % 4] for s in range(stores)], "tier": "core"})


def plan(seed: int = 1, **options: Any) -> InterceptPlan:
    given: dict[str, Any] = {"n": 160, "interviewers": 3, "eligible": 0.7, "response": 0.6, "stores": attributes()}
    return plan_intercepts(footfall(), seed=seed, **(given | options))


def drawn_plan(seed: int = 1, **options: Any) -> InterceptPlan:
    """10 of 16 stores, four of each area type."""
    given: dict[str, Any] = {"n": 120, "choose": 10, "interviewers": 4, "stores": attributes(16)}
    return plan_intercepts(footfall(16), seed=seed, **(given | options))


def proportional(size: np.ndarray, n: int) -> np.ndarray:
    """min(1, c size) that add up to n, c found by bisection."""
    if n == len(size):
        return np.ones(n)
    c = brentq(lambda c: np.minimum(1, c * size).sum() - n, 0, len(size) / size.min(), xtol=1e-15)
    return np.minimum(1, c * size)


# --- the draw ----------------------------------------------------------------------------------------------


def test_every_entry_is_drawn_with_its_probability() -> None:
    """20,000 draws: each realised share within a Bonferroni bound (1%) of its probability."""
    p = np.random.default_rng(2).uniform(0.02, 0.98, (3, 4))
    p[0] *= 1 / p[0].sum()
    generator, draws = np.random.default_rng(20261122), 20_000
    realised = sum(draw_table(p, generator).astype(int) for _ in range(draws)) / draws
    z = (realised - p) / np.sqrt(p * (1 - p) / draws)
    assert np.abs(z).max() < norm.isf(0.005 / p.size)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 10**6))
def test_sums_of_rows_and_columns_are_kept(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = np.clip(rng.uniform(-0.2, 1.2, (rows, columns)), 0, 1)
    drawn = draw_table(p, rng)
    for axis in (0, 1):
        counts, sums = drawn.sum(axis=axis), p.sum(axis=axis)
        assert ((counts >= np.floor(sums + 1e-9)) & (counts <= np.ceil(sums - 1e-9))).all()
    assert drawn[p == 1].all()
    assert not drawn[p == 0].any()


def test_most_pairs_of_blocks_can_come_up_together() -> None:
    """The error can only be estimated if pairs are drawn: with 2 of 8, every pair is, about as often as any other."""
    generator, pairs = np.random.default_rng(3), np.zeros((8, 8))
    for _ in range(4_000):
        a, b = np.flatnonzero(draw_table(np.full((1, 8), 0.25), generator)[0])
        pairs[a, b] += 1
    seen = pairs[np.triu_indices(8, 1)]
    assert seen.min() > 0.6 * 4_000 / 28
    assert seen.max() < 1.5 * 4_000 / 28


# --- the plan ----------------------------------------------------------------------------------------------


def test_requirement_5_at_least_five_interviews_per_store_by_traffic_all_area_types() -> None:
    """Requirements, section 3, item 5 (S34, S35)."""
    made = plan(n=80, choose=4)
    assert set(made.stores["area_type"]) == set(AREAS)
    for wanted in (40, 80, 160):
        stores = plan(n=wanted).stores
        assert stores["quota"].sum() == wanted
        assert stores["quota"].min() >= 5
        rank = stores.sort_values("traffic")["quota"]
        assert rank.is_monotonic_increasing
    assert plan(n=40).stores["quota"].tolist() == [5] * 8


def test_requirement_6_only_those_who_just_bought_are_eligible() -> None:
    """Requirements, section 3, item 6 (S31): the sheet has a code for everybody else, and the plan counts on them."""
    ineligible = next(each for each in DISPOSITIONS if each.group == "NE")
    assert (ineligible.name, ineligible.label["en"], ineligible.label["zh"]) == (
        "ineligible",
        "no purchase just completed",
        "刚才未购买",
    )
    half = plan(eligible=0.35).frame
    assert half["interviews"].sum() == pytest.approx((half["approaches"] * 0.35 * 0.6).sum())


@pytest.mark.parametrize("chosen", [False, True])
def test_chances_by_hand(chosen: bool) -> None:
    """π_store = m F / ΣF in its area type, π_block = m F_b / F in its store (at most 1), 1/k in the block."""
    made, frame = (drawn_plan(), footfall(16)) if chosen else (plan(), footfall())
    stores = made.stores.set_index("store")
    for _, row in made.frame.iterrows():
        own = frame[frame["store"] == row["store"]]
        sizes = own.groupby(["day", (own["hour"] - 10) // 2])["leavers"].sum()
        chance = dict(
            zip(sizes.index, proportional(sizes.to_numpy(float), int(stores.loc[row["store"], "blocks"])), strict=True)
        )
        block = (row["day"], (row["start"] - 10) // 2)
        assert row["leavers"] == sizes[block]
        assert row["p_block"] == pytest.approx(chance[block], rel=1e-9)
        assert row["p_leaver"] == pytest.approx(row["p_store"] * row["p_block"] / row["k"])
        assert row["weight"] * row["p_leaver"] == pytest.approx(1)
        assert 1 <= row["first"] <= row["k"]
    if not chosen:
        assert (made.frame["p_store"] == 1).all()
        return
    traffic, area = frame.groupby("store")["leavers"].sum(), attributes(16).set_index("store")["area_type"]
    for kind, part in stores.groupby("area_type"):
        names = area.index[area == kind]
        chance = dict(zip(names, proportional(traffic[names].to_numpy(float), len(part)), strict=True))
        assert part["p_store"].to_dict() == pytest.approx({name: chance[name] for name in part.index}, rel=1e-9)
        assert len(part) >= 2


@pytest.mark.parametrize("seed", range(12))
def test_nobody_is_in_two_places_and_every_store_has_its_blocks(seed: int) -> None:
    made = plan(seed, interviewers=["Ana", "Bo", "Cy"])
    assert not made.frame.duplicated(["interviewer", "slot"]).any()
    assert made.frame["slot"].value_counts().max() <= 3
    assert set(made.frame["interviewer"]) <= {"Ana", "Bo", "Cy"}
    counted = made.frame["store"].value_counts().reindex(made.stores["store"])
    assert counted.tolist() == made.stores["blocks"].tolist()
    assert counted.min() >= 2


def test_work_is_shared_out_evenly() -> None:
    hours = plan().frame.groupby("interviewer")["hours"].sum()
    assert hours.max() - hours.min() <= 4


def test_interviewers_can_keep_up() -> None:
    frame = plan(minutes_per_interview=12).frame
    assert (frame["interviews"] <= frame["hours"] * 60 / 12 / 2 + 1e-9).all()
    assert (frame["approaches"] + frame["missed"]).tolist() == pytest.approx((frame["leavers"] / frame["k"]).tolist())
    waiting = plan(minutes_per_interview=12, waiting=True)
    assert (waiting.frame["interviews"] <= waiting.frame["hours"] * 60 / 12 + 1e-9).all()
    assert waiting.frame["missed"].tolist() == pytest.approx([0] * len(waiting.frame), abs=1e-9)
    assert "waits until the interviewer is free" in waiting.note()
    assert "等候至访问员空闲" in waiting.in_language("zh").note()
    assert frame["approaches"].tolist() == pytest.approx((frame["interviews"] + frame["refusals"]).tolist())


def test_interval_by_hand() -> None:
    """300 leavers, half of whom give an interview, 5 wanted of 20 that fit: a quarter of the time is busy, so 6.67 must be
    possible: 150/6.67 = 22.5, every 22nd. 12 wanted of 20 needs 30, more than fit: 150/20 = 7.5 → 8. Who waits: 12.5 → 12."""
    capacity = np.array([20.0])
    assert leaver_interval(np.array([300.0]), 0.5, 5, capacity).tolist() == [22]
    assert leaver_interval(np.array([300.0]), 0.5, 12, capacity).tolist() == [8]
    assert leaver_interval(np.array([300.0, 300.0]), 0.5, 12, np.array([20.0, 11.0]), True).tolist() == [12, 14]


@settings(max_examples=100, deadline=None)
@given(st.floats(5, 5000), st.floats(0.05, 1), st.floats(0.5, 30), st.floats(1, 40))
def test_interval_gives_what_is_wanted_or_half_of_what_fits(
    leavers: float, yields: float, wanted: float, capacity: float
) -> None:
    room = np.array([capacity])
    k = leaver_interval(np.array([leavers]), yields, wanted, room)
    held = float(held_interviews(leavers * yields / k, room)[0])
    assert held <= capacity / 2 + 1e-9
    most = float(
        held_interviews(np.array([leavers * yields / max(1, math.ceil(leavers * yields / capacity - 1e-9))]), room)[0]
    )
    assert held >= min(wanted, most) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("leavers", "k", "chance", "minutes"), [(213, 4, 0.2, 10), (400, 3, 0.5, 10), (90, 6, 0.35, 6)]
)
def test_expected_interviews_against_single_leavers(leavers: int, k: int, chance: float, minutes: float) -> None:
    """2,000 blocks of two hours, leavers at random moments, every k-th picked, one interviewer who is busy at times.

    What is planned with is never too much: an interviewer begins free, the last interview may end after the block, and
    every k-th leaver comes more evenly than by chance. All this gives less than one interview a block.
    """
    generator, held = np.random.default_rng(5), []
    for _ in range(2_000):
        moments = np.sort(generator.uniform(0, 120, leavers))[generator.integers(0, k) :: k]
        free, done = 0.0, 0
        for moment in moments[generator.random(len(moments)) < chance]:
            if moment >= free:
                free, done = moment + minutes, done + 1
        held.append(done)
    planned_ = float(held_interviews(np.array([leavers / k * chance]), np.array([120 / minutes]))[0])
    assert 0 < np.mean(held) - planned_ < 0.8
    assert np.mean(held) < 0.95 * leavers / k * chance


@pytest.mark.parametrize("possible", [2.0, 10.65, 30.0])
def test_interviews_held_in_the_long_run(possible: float) -> None:
    """20,000 blocks on end, those who would answer coming by chance alone: the rate is that of the formula."""
    generator, capacity, blocks = np.random.default_rng(8), 12.0, 20_000
    free, done = 0.0, 0
    for moment in np.cumsum(generator.exponential(1 / possible, int(possible * blocks))):
        if moment >= free:
            free, done = moment + 1 / capacity, done + 1
    assert float(held_interviews(np.array([possible]), np.array([capacity]))[0]) == pytest.approx(
        done / blocks, rel=0.02
    )


def test_same_seed_same_plan_and_nothing_else_is_touched() -> None:
    given, stores = footfall(), attributes()
    before, state = (given.copy(), stores.copy()), np.random.get_state()[1].tolist()  # noqa: NPY002
    first, again, other = (
        plan_intercepts(given, n=160, interviewers=3, seed=s, stores=stores).frame for s in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first["block"].equals(other["block"])
    pd.testing.assert_frame_equal(given, before[0])
    pd.testing.assert_frame_equal(stores, before[1])
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_order_of_lines_does_not_matter() -> None:
    mixed = footfall().sample(frac=1, random_state=4)
    pd.testing.assert_frame_equal(plan_intercepts(mixed, n=160, interviewers=3, seed=1).frame,
                                  plan_intercepts(footfall(), n=160, interviewers=3, seed=1).frame)  # fmt: skip


@pytest.mark.parametrize(
    "names", [["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"], ["周一", "周二", "周三", "周四", "周五", "周六"], range(1, 7)]
)
def test_a_typical_week_is_laid_over_the_days_of_the_field(names: Any) -> None:
    frame, dates = footfall(), [f"2026-03-{k:02d}" for k in range(2, 8)]
    week = frame.assign(day=frame["day"].map(dict(zip(dates, names, strict=True))))
    laid = plan_intercepts(week, n=160, interviewers=3, seed=1, days=dates)
    pd.testing.assert_frame_equal(laid.frame, plan_intercepts(frame, n=160, interviewers=3, seed=1).frame)
    assert set(plan_intercepts(week, n=160, interviewers=3, seed=1).frame["weekday"]) <= set(range(6))


def test_days_are_said_as_weekdays() -> None:
    made = plan()
    assert (made.day_words("2026-03-07"), made.in_language("zh").day_words("2026-03-07")) == ("Sat 03-07", "周六 03-07")
    assert (made.day_words("6"), made.day_words("first day")) == ("Sat", "first day")


def test_blocks_start_at_the_same_hours_everywhere() -> None:
    late = footfall(2)
    late = late[~((late["store"] == "S02") & (late["hour"] < 11))]
    blocks = time_blocks(hourly_footfall(late, None), 3)
    assert blocks.groupby("store")["start"].unique().map(list).to_dict() == {"S01": [10, 13, 16], "S02": [11, 13, 16]}
    assert blocks.groupby("slot")["start"].agg(lambda s: s.max() - s.min()).max() == 1
    assert blocks["leavers"].sum() == late["leavers"].sum()
    assert (blocks["end"] - blocks["start"] == blocks["hours"]).all()


def test_design_is_ready_for_the_analysis() -> None:
    whole, drawn = plan().frame, drawn_plan().frame
    assert (whole["stratum"] == whole["store"]).all()
    assert (whole["cluster"] == whole["block"]).all()
    sampled = drawn[drawn["p_store"] < 1]
    assert (sampled["stratum"] == sampled["area_type"]).all()
    assert (sampled["cluster"] == sampled["store"]).all()
    sure = drawn[drawn["p_store"] == 1]
    assert (sure["stratum"] == sure["store"]).all()
    plan().design.check(whole)


def test_words_in_english_and_chinese() -> None:
    made = plan()
    assert (
        made.title()
        == f"Exit interviews: {made.frame['interviews'].sum():,.0f} expected in {len(made.frame)} blocks at 8 stores"
    )
    assert "all 8 stores are visited" in made.note()
    assert made.sentence().startswith(f"3 interviewers work {len(made.frame)} blocks at 8 stores on ")
    chinese = made.in_language("zh")
    assert chinese.title().startswith(f"门店出口拦截访问计划：8 家门店、{len(made.frame)} 个时段")
    assert "走访全部 8 家门店" in chinese.note()
    assert chinese.sentence().endswith("份。")
    assert "每 k 人取一" in chinese.timetable().to_string()
    assert "周" in chinese.timetable().to_string()
    assert "配额按客流量比例分配，每店不少于 5 份" in chinese.by_store().note()
    assert "从 16 家门店中抽取 10 家" in drawn_plan(language="zh").note()


def test_single_stores_of_an_area_type_are_named() -> None:
    assert "area types with a single drawn store" in plan(choose=4, n=80).note()
    assert "以下区域类型只抽中一家门店" in plan(choose=4, n=80, language="zh").note()
    assert "single drawn store" not in plan(choose=8).note()


def by_day(made: InterceptPlan) -> Any:
    for (who, day), rows in made.frame.groupby(["interviewer", "day"]):
        yield who, day, rows.sort_values("start")


@pytest.mark.parametrize("seed", range(6))
def test_interviewers_have_time_for_the_way_and_days_that_end(seed: int) -> None:
    """What the note does not name does not happen: counted day by day."""
    made = plan(seed, interviewers=5, hours_per_day=4)
    hurried, long = [], []
    for who, day, rows in by_day(made):
        moved = rows["store"].ne(rows["store"].shift()).iloc[1:].to_numpy()
        gaps = rows["start"].to_numpy()[1:] - rows["end"].to_numpy()[:-1]
        hurried += [f"{who} {made.day_words(day)}"] if (moved & (gaps < 1)).any() else []
        long += [f"{who} {made.day_words(day)}"] if rows["hours"].sum() > 4 else []
    for names, words in ((hurried, "less than 1 h between two stores"), (long, "more than 4 h at the door")):
        assert (words in made.note()) == bool(names)
        assert all(name in made.note() for name in names[:3])


def test_nobody_goes_from_store_to_store_without_a_break_where_others_are_free() -> None:
    """Three blocks in succession at three stores: two interviewers in turn."""
    hours = [
        (s, "2026-03-06", h, 60) for s, first in zip("ABC", (10, 12, 14), strict=True) for h in range(first, first + 2)
    ]
    table = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
    made = plan_intercepts(table, n=9, minimum=3, blocks_per_store=1, interviewers=["Ana", "Bo"], seed=1)
    assert made.frame.sort_values("start")["interviewer"].tolist() in (["Ana", "Bo", "Ana"], ["Bo", "Ana", "Bo"])
    assert "between two stores" not in made.note()
    alone = plan_intercepts(table, n=9, minimum=3, blocks_per_store=1, interviewers=["Ana"], seed=1, hours_per_day=4)
    assert "interviewer-days with less than 1 h between two stores: Ana Fri 03-06" in alone.note()
    assert "more than 4 h at the door: Ana Fri 03-06" in alone.note()
    assert "当日两店之间不足 1 小时：Ana 周五 03-06" in alone.in_language("zh").note()
    assert "当日在岗超过 4 小时：Ana 周五 03-06" in alone.in_language("zh").note()
    near = plan_intercepts(table, n=9, minimum=3, blocks_per_store=1, interviewers=["Ana"], seed=1, travel_hours=0)
    assert "interviewer-days" not in near.note()


@pytest.mark.parametrize("seed", range(4))
def test_interviewers_stay_in_their_region(seed: int) -> None:
    placed = attributes().assign(region=["north"] * 4 + ["south"] * 4)
    made = plan(seed, interviewers=8, stores=placed)
    regions = made.frame.groupby(["interviewer", "day"])["region"].nunique()
    assert regions.max() == 1
    assert "two regions" not in made.note()
    assert "region" in made.timetable().to_frame()
    pd.testing.assert_frame_equal(made.frame.drop(columns=["region", "interviewer"]),
                                  plan(seed, interviewers=8).frame.drop(columns="interviewer"))  # fmt: skip
    one = plan(seed, interviewers=3, stores=placed.assign(region=[f"city {k}" for k in range(8)]))
    days = one.frame.groupby(["interviewer", "day"])["region"].nunique()
    assert ("interviewer-days in two regions" in one.note()) == bool((days > 1).any())


def test_who_works_a_block_changes_no_chance() -> None:
    columns = ["block", "first", "k", "p_store", "p_block", "p_leaver", "weight"]
    for options in ({"travel_hours": 4}, {"hours_per_day": 2}, {"interviewers": 12}):
        pd.testing.assert_frame_equal(plan(**options).frame[columns], plan().frame[columns])


def test_interviewers_are_shared_out_to_regions_by_hours() -> None:
    assert home_regions(np.array(["N", "S", "S", "S"]), np.array([2, 2, 2, 2]), list("abcd")) == ["N", "S", "S", "S"]
    assert home_regions(np.array(["N", "S", "S"]), np.array([2, 2, 2]), ["a"]) == ["S"]


def test_a_store_called_like_an_area_type_keeps_a_stratum_of_its_own() -> None:
    table, stores = footfall(16), attributes(16)
    table.loc[table["store"] == "S01", "leavers"] *= 20
    stores["area_type"] = stores["area_type"].replace("residential", "S01")
    made = plan_intercepts(table, n=120, choose=8, interviewers=8, seed=1, stores=stores)
    assert made.stores.set_index("store").loc["S01", "p_store"] == 1
    strata = made.stores.groupby("stratum")["p_store"].agg(["min", "max"])
    assert strata.loc["store=S01"].tolist() == [1, 1]
    assert strata.loc["S01", "max"] < 1
    assert store_strata(["a", "store=a", "b"], [1, 1, 0.5], ["a", "a", "a"]).tolist() == [
        "store=a",
        "store=store=a",
        "a",
    ]


# --- a plan that can't be made -----------------------------------------------------------------------------


def broken(column: str, value: Any, row: int = 7) -> pd.DataFrame:
    frame = footfall().astype({"leavers": object, "hour": object})
    frame.loc[row - 2, column] = value
    return frame


@pytest.mark.parametrize(("column", "value", "problem"), [
    ("leavers", -3, "below 0"), ("leavers", "many", "not a number"), ("leavers", None, "not a number"),
    ("leavers", math.inf, "not a number"), ("hour", 25, "not a whole hour"), ("hour", 9.5, "not a whole hour"),
    ("store", None, "no store"), ("day", None, "no day"),
])  # fmt: skip
def test_cells_that_cannot_be_used_are_named(column: str, value: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        plan_intercepts(broken(column, value), n=160, interviewers=3, seed=1)
    case = caught.value.cases.iloc[0]
    assert (case["row"], case["column"]) == (7, column)


def test_all_bad_cells_are_named_at_once() -> None:
    frame = footfall()
    frame.loc[[3, 9], "leavers"] = -1
    with pytest.raises(DataError) as caught:
        plan_intercepts(frame, n=160, interviewers=3, seed=1)
    assert caught.value.cases["row"].tolist() == [5, 11]


def test_missing_hours_are_named() -> None:
    frame = footfall()
    with pytest.raises(
        DataError, match=r"lacks 2 hours between opening and closing \(S01 2026-03-02 12:00; S01 2026-03-02 13:00\)"
    ) as caught:
        plan_intercepts(frame.drop(index=[2, 3]), n=160, interviewers=3, seed=1)
    assert caught.value.cases["hour"].tolist() == [12, 13]


def test_hours_said_twice_are_named() -> None:
    frame = footfall()
    with pytest.raises(DataError, match="say the same hour") as caught:
        plan_intercepts(pd.concat([frame, frame.iloc[[5]]]), n=160, interviewers=3, seed=1)
    assert caught.value.cases["row"].tolist() == [7, len(frame) + 2]


def test_blocks_that_nobody_leaves_are_named() -> None:
    frame = footfall()
    frame.loc[[0, 1], "leavers"] = 0
    with pytest.raises(DataError, match="1 time blocks of the footfall have no leavers") as caught:
        plan_intercepts(frame, n=160, interviewers=3, seed=1)
    assert caught.value.cases[["store", "day", "start"]].to_numpy().tolist() == [["S01", "2026-03-02", 10]]


def test_stores_and_footfall_must_be_the_same() -> None:
    stores = pd.concat(
        [attributes().iloc[1:], pd.DataFrame({"store": ["S99", "S02"], "area_type": ["x", None], "tier": "core"})]
    )
    with pytest.raises(DataError) as caught:
        plan(stores=stores)
    problems = set(caught.value.cases[["value", "problem"]].itertuples(index=False, name=None))
    assert problems == {("S02", "listed twice"), ("S99", "has no footfall"), ("S01", "is not among the stores"),
                        ("S02", "has no area_type")}  # fmt: skip


def test_quota_that_cannot_be_met_names_the_stores() -> None:
    with pytest.raises(DataError, match="the quota cannot be met at") as caught:
        plan(n=6000, interviewers=60)
    assert {"store", "quota", "expected"} <= set(caught.value.cases)
    assert (caught.value.cases["expected"] < caught.value.cases["quota"]).all()


def test_too_few_interviewers_names_the_times_before_anything_is_drawn() -> None:
    busy = []
    for seed in (1, 2):
        with pytest.raises(DataError) as caught:
            plan(seed, n=600, interviewers=2)
        busy.append(str(caught.value))
    assert busy[0] == busy[1]  # it does not depend on luck
    assert "more blocks are to be expected than the 2 interviewers" in busy[0]
    need = int(busy[0].split(" interviewers would do")[0].split()[-1])
    assert plan(n=600, interviewers=need).frame["slot"].value_counts().max() <= need


def test_floor_and_area_types_set_limits() -> None:
    with pytest.raises(DataError):  # 5 at each of 8 stores are 40
        plan(n=39)
    with pytest.raises(SpecError, match=r"choose=3 leaves out area types: there are 4 .*at least 4, better 8"):
        plan(choose=3)
    with pytest.raises(SpecError, match="has 8 stores only"):
        plan(choose=9)


@pytest.mark.parametrize(("options", "words"), [
    ({"n": 0}, "n=0 must be a whole number"), ({"response": 0}, "response=0"), ({"eligible": 1.2}, "eligible=1.2"),
    ({"minutes_per_interview": 0}, "minutes_per_interview=0"), ({"minutes_per_interview": 300}, "too short for one interview"),
    ({"block_hours": 1.5}, "block_hours=1.5"), ({"interviewers": 0}, "at least one"), ({"interviewers": ["A", "A"]}, "different names"),
    ({"interviewers": "Ana"}, "a number or a list"), ({"travel_hours": -1}, "travel_hours=-1"),
    ({"hours_per_day": 0}, "hours_per_day=0"), ({"quotas": "size"}, "quotas='size'"), ({"days": ["tomorrow"]}, "must be dates"),
])  # fmt: skip
def test_arguments_that_cannot_be_used(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        plan(**options)


@pytest.mark.parametrize("seed", [None, -1, 1.5, True])
def test_a_draw_needs_a_seed(seed: Any) -> None:
    with pytest.raises(SpecError, match="must be a whole number from 0"):
        plan(seed)


def test_days_need_weekdays_in_the_table() -> None:
    with pytest.raises(DataError, match="are not weekdays"):
        plan(days=["2026-03-02"])
    week = footfall(days=2).assign(day=lambda f: f["day"].map({"2026-03-02": "Mon", "2026-03-03": "Tue"}))
    with pytest.raises(DataError, match="no row for Sunday"):
        plan_intercepts(week, n=160, interviewers=3, seed=1, days=["2026-03-02", "2026-03-08"])


def test_empty_and_incomplete_tables() -> None:
    with pytest.raises(DataError, match="no rows"):
        plan_intercepts(footfall().iloc[:0], n=160, interviewers=3, seed=1)
    with pytest.raises(DataError, match="has no column 'leavers'"):
        plan_intercepts(footfall().drop(columns="leavers"), n=160, interviewers=3, seed=1)


# --- the tally sheet ---------------------------------------------------------------------------------------


def test_sheet_has_a_line_for_every_hour_of_every_block() -> None:
    made = plan()
    sheet = tally_sheet(made)
    assert len(sheet.frame) == made.frame["hours"].sum()
    first = sheet.frame[sheet.frame["block"] == made.frame.loc[0, "block"]]
    assert first["hour"].tolist() == list(range(made.frame.loc[0, "start"], made.frame.loc[0, "end"]))
    assert sheet.frame[["leavers", *CODES]].isna().all(axis=None)
    assert "2.11 拒访（已购买）" in sheet.in_language("zh").to_string()
    assert list(pd.read_csv(io.StringIO(sheet.to_csv())).columns[-len(CODES) :]) == CODES


@pytest.mark.parametrize(
    ("language", "words"), [("en", "2.33 language"), ("zh", "2.33 语言不通"), ("both", "2.33 language\n2.33 语言不通")]
)
def test_sheet_in_word_has_a_page_per_block(tmp_path: Path, language: Any, words: str) -> None:
    docx = pytest.importorskip("docx")
    made = plan_intercepts(footfall(2, 2), n=20, interviewers=2, seed=1)
    path = tally_sheet(made).write_word(tmp_path / "tally.docx", language=language)
    document = docx.Document(str(path))
    turns = made.timetable().frame
    covers = [table for table in document.tables if len(table.columns) != 2 + len(CODES)]
    pages = [table for table in document.tables if len(table.columns) == 2 + len(CODES)]
    assert [len(table.rows) - 1 for table in covers] == turns.groupby("interviewer").size().tolist()
    assert [len(table.rows) - 1 for table in pages] == turns["hours"].tolist()
    assert all(2.5 <= row.height.cm <= 4.01 for table in pages for row in table.rows[1:])
    assert [table.rows[1].cells[0].text for table in pages] == [f"{h}–{h + 1}" for h in turns["start"]]
    breaks = [each for each in document.paragraphs if each.paragraph_format.page_break_before]
    assert len(breaks) == len(covers) + len(pages) - 1
    assert words in [cell.text for cell in pages[0].rows[0].cells]
    signed = {"en": "Signature", "zh": "签名", "both": "Signature 签名"}[language]
    assert sum(signed in each.text for each in document.paragraphs) == len(pages)
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    first, k = turns.loc[0, ["first", "k"]]
    assert f"{first}, {first + k}, {first + 2 * k}" in text
    assert path.read_bytes() == tally_sheet(made).write_word(tmp_path / "again.docx", language=language).read_bytes()


def test_address_is_printed_on_timetable_and_pages(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    stores = pd.DataFrame({"store": ["S01", "S02"], "address": ["1 High Street", None], "region": ["North", "North"]})
    made = plan_intercepts(footfall(2, 2), n=20, interviewers=1, seed=1, stores=stores, travel_hours=0)
    document = docx.Document(str(tally_sheet(made).write_word(tmp_path / "tally.docx")))
    assert (
        sum("Address: 1 High Street" in each.text for each in document.paragraphs)
        == (made.frame["store"] == "S01").sum()
    )
    cover = document.tables[0]
    assert [cell.text for cell in cover.rows[0].cells][2:5] == ["region", "store", "address"]
    assert {row.cells[4].text for row in cover.rows[1:]} == {"1 High Street", ""}


# --- the weights -------------------------------------------------------------------------------------------


def fieldwork(made: InterceptPlan, seed: int = 0, empty: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers and tallies of a plan; the first ``empty`` blocks get refusals only."""
    rng, rows, answers = np.random.default_rng(seed), [], []
    for place, (_, row) in enumerate(made.frame.iterrows()):
        leavers = int(rng.poisson(row["leavers"]))
        picked = max(0, (leavers - row["first"]) // row["k"] + 1)
        share = np.array([0 if place < empty else 0.4, 0.05, 0.2, 0.02, 0.05, 0.02, 0.01, 0.05, 0.2])
        counts = rng.multinomial(picked, share / share.sum())
        if place < empty:
            counts[2] += counts[1]
            counts[1] = 0
        rows.append((row["block"], leavers, *counts))
        answers += [
            (row["block"], rng.normal(5, 1), int(rng.integers(1, 9)), rng.uniform(2, 40))
            for _ in range(counts[0] + counts[1])
        ]
    columns = ["block", "score", "visits_per_month", "minutes_in_store"]
    return pd.DataFrame(answers, columns=columns), pd.DataFrame(rows, columns=["block", "leavers", *CODES])


def eligible_visits(made: InterceptPlan, tallies: pd.DataFrame) -> float:
    """Σ over blocks of (leavers / picked) × eligible / π, with e of all tallies: by hand, from the tallies alone."""
    t = tallies.set_index("block").loc[made.frame["block"]]
    known = t[CODES[:7]].sum(axis=1)
    e = known.sum() / (known.sum() + t["ineligible"].sum())
    per_picked = t["leavers"] / t[CODES].sum(axis=1)
    pi = (made.frame["p_store"] * made.frame["p_block"]).to_numpy()
    return float((per_picked * (known + e * t["unknown"]) / pi).sum())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("empty", [0, 1])
def test_weights_add_up_to_the_estimated_eligible_visits(seed: int, empty: int) -> None:
    """For any tallies, also where a block without interviews is stood for by the others of its store."""
    made = plan(seed)
    answers, tallies = fieldwork(made, seed, empty)
    weighted = intercept_weights(answers, made, tallies, target="visits")
    assert weighted.data()["weight"].sum() == pytest.approx(eligible_visits(made, tallies), rel=1e-12)


def test_lost_store_is_stood_for_by_its_stratum() -> None:
    made = drawn_plan()
    sampled = made.frame[made.frame["p_store"] < 1]
    stores = sampled.groupby("stratum")["store"].nunique()
    assert stores.max() >= 2
    lost = sampled.loc[sampled["stratum"] == stores.idxmax(), "store"].iloc[0]
    answers, tallies = fieldwork(made, 1)
    before = intercept_weights(answers, made, tallies, target="visits").data()
    gone = made.frame.loc[made.frame["store"] == lost, "block"]
    tallies.loc[tallies["block"].isin(gone), "refusal"] += tallies["complete"] + tallies["partial"]
    tallies.loc[tallies["block"].isin(gone), ["complete", "partial"]] = 0
    weighted = intercept_weights(answers[~answers["block"].isin(gone)], made, tallies, target="visits")
    assert weighted.data()["weight"].sum() == pytest.approx(before["weight"].sum(), rel=1e-12)
    assert f"stood for by their stratum: {lost}" in weighted.note()
    assert f"由同层其他门店代表：{lost}" in weighted.in_language("zh").note()


@pytest.mark.parametrize("tallied", [True, False])
def test_lost_store_without_tallies_has_the_ratio_of_its_stratum(tallied: bool) -> None:
    """8 equal stores, 4 drawn, 30% of leavers eligible: each stratum has 4 x 7 x 8 x 60 x 0.3 = 4,032 eligible visits."""
    hours = [(f"S{s}", f"2026-03-{d:02d}", h, 60) for s in range(8) for d in range(1, 8) for h in range(10, 18)]
    stores = pd.DataFrame({"store": [f"S{s}" for s in range(8)], "area_type": ["city"] * 4 + ["town"] * 4})
    table = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
    made = plan_intercepts(table, n=80, interviewers=8, seed=1, stores=stores, choose=4, eligible=0.3, response=0.5)
    lost = made.frame["store"].iloc[0]
    kept = made.frame[made.frame["store"] != lost]
    tallies = pd.DataFrame({"block": kept["block"], "leavers": 120, "complete": 6, "refusal": 6, "ineligible": 28})
    answers = pd.DataFrame({"block": kept["block"].repeat(6 if tallied else 1)})
    weighted = intercept_weights(answers, made, tallies if tallied else None, target="visits")
    sums = weighted.data().groupby("stratum")["weight"].sum()
    expected = 4032 if tallied else sums.mean()
    assert sums.tolist() == pytest.approx([expected] * 2)
    assert f"stood for by their stratum: {lost}" in weighted.note()


def test_empty_block_without_tallies_is_stood_for_by_the_others_of_its_store() -> None:
    """Expected leavers: (F1/π1 + F2/π2) / (F2/π2) = 2 for two blocks; the note names the block."""
    made = plan()
    answers, _ = fieldwork(made)
    store = made.stores.set_index("store")["blocks"].idxmin()
    blocks = made.frame[made.frame["store"] == store]
    weighted = intercept_weights(answers[answers["block"] != blocks["block"].iloc[0]], made, target="visits")
    factors = weighted.frame.set_index("block")["others"]
    size = blocks["leavers"] / blocks["p_block"]
    assert factors[blocks["block"].iloc[1]] == pytest.approx(size.sum() / size.iloc[1:].sum())
    assert f"stood for by the store's others: {blocks['block'].iloc[0]}" in weighted.note()


def hourly_work(made: InterceptPlan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sheets by hour: leavers as expected, six picked an hour, three of them interviewed, one refuses, two not eligible."""
    sheet = tally_sheet(made).frame.drop(columns="leavers").merge(made.hourly, on=["block", "hour"])
    sheet = sheet.assign(complete=3, refusal=1, ineligible=2)
    return pd.DataFrame({"block": sheet["block"].repeat(3)}), sheet


@pytest.mark.parametrize("how", ["blank", "absent"])
def test_hour_that_was_not_worked_is_stood_for_by_its_block(how: str) -> None:
    """The factor is the expected leavers of the block over those of the hours worked."""
    made = plan()
    answers, sheet = hourly_work(made)
    full = intercept_weights(answers, made, sheet, target="visits")
    assert full.frame["hours"].tolist() == [1.0] * len(full.frame)
    assert "not worked" not in full.note()
    numbers = ["leavers", *CODES]
    lost = sheet.astype(dict.fromkeys(numbers, object))
    lost.loc[1, numbers] = None
    lost = lost.drop(index=1) if how == "absent" else lost
    part = intercept_weights(answers.iloc[3:], made, lost, target="visits")
    block, hour = sheet.loc[1, ["block", "hour"]]
    expected = sheet.loc[sheet["block"] == block, "leavers"].astype(float)
    assert part.frame.set_index("block").loc[block, "hours"] == pytest.approx(expected.sum() / expected.iloc[0])
    assert f"hours not worked, stood for by the others of their block: {block} {hour}:00" in part.note()
    assert f"由同一时段其他小时代表：{block} {hour}:00" in part.in_language("zh").note()
    sums = [each.data().groupby("store")["weight"].sum() for each in (full, part)]
    assert sums[0].tolist() == pytest.approx(sums[1].tolist())


def test_hours_without_a_row_in_a_list_of_contacts_had_nobody_picked() -> None:
    made = plan()
    answers, sheet = hourly_work(made)
    contacts = intercept_weights(answers.iloc[3:], made, sheet.drop(index=1, columns="leavers"), target="visits")
    assert contacts.frame["hours"].tolist() == [1.0] * len(contacts.frame)


def test_tallies_entered_twice_are_refused_with_their_rows() -> None:
    made = plan()
    answers, sheet = hourly_work(made)
    with pytest.raises(DataError, match="entered twice") as caught:
        intercept_weights(answers, made, pd.concat([sheet, sheet.iloc[[4]]]), target="visits")
    assert caught.value.cases["row"].tolist() == [6, len(sheet) + 2]
    blocks = sheet.groupby("block", as_index=False)[["leavers", "complete", "refusal", "ineligible"]].sum()
    assert len(intercept_weights(answers, made, blocks, target="visits").data()) == len(answers)
    with pytest.raises(DataError, match="entered twice"):
        intercept_weights(answers, made, pd.concat([blocks, blocks.iloc[[0]]]), target="visits")
    with pytest.raises(DataError, match="entered twice"):  # a whole block beside its hours
        intercept_weights(answers, made, pd.concat([sheet, blocks.iloc[[0]]]), target="visits")


def test_silent_store_is_named() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    gone = made.frame.loc[made.frame["store"] == "S03", "block"]
    weighted = intercept_weights(answers[~answers["block"].isin(gone)], made, tallies, target="visits")
    assert "stores that nothing is said about, for want of interviews: S03" in weighted.note()


def test_block_that_was_not_worked_is_stood_for() -> None:
    """Without a tally its expected footfall stands in: (F1/π1 + F2/π2) / (F2/π2), F/π being the same for both."""
    made = plan()
    answers, tallies = fieldwork(made)
    block = made.frame.loc[0, "block"]
    mate = made.frame.loc[1, "block"]
    whole = intercept_weights(answers, made, tallies, target="visits").frame.set_index("block")
    part = intercept_weights(
        answers[answers["block"] != block], made, tallies[tallies["block"] != block], target="visits"
    )
    assert part.frame.set_index("block").loc[mate, "others"] == pytest.approx(2)
    assert whole["others"].tolist() == [1.0] * len(whole)
    assert block in part.note()


def test_without_tallies_weights_are_one_over_the_chance() -> None:
    made = plan()
    answers, _ = fieldwork(made)
    data = intercept_weights(answers, made, target="visits").data()
    expected = data["block"].map(made.frame.set_index("block")["weight"])
    assert data["weight"].tolist() == pytest.approx(expected.tolist())


def test_customers_divide_by_their_visits() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    visits, customers = (
        intercept_weights(answers, made, tallies, target=t).data()["weight"] for t in ("visits", "customers")
    )
    assert (customers * answers["visits_per_month"]).tolist() == pytest.approx(visits.tolist())
    twice = answers.assign(visits_per_month=2 * answers["visits_per_month"])  # any period will do
    scaled = intercept_weights(twice, made, tallies, target="customers").data()["weight"]
    assert (2 * scaled).tolist() == pytest.approx(customers.tolist())


def test_length_of_stay_only_where_people_were_picked_inside() -> None:
    """Nowell and Stanley: met inside, a stay of t minutes is t times as likely to be met; leaving happens once."""
    made = plan()
    answers, tallies = fieldwork(made)
    leavers = intercept_weights(answers, made, tallies, target="visits")
    inside = intercept_weights(answers, made, tallies, target="visits", selected="inside")
    assert (inside.data()["weight"] * answers["minutes_in_store"]).tolist() == pytest.approx(
        leavers.data()["weight"].tolist()
    )
    assert "1 / minutes" in inside.note()
    assert "minutes" not in leavers.note()
    assert "权数含 1／停留分钟数" in inside.in_language("zh").note()


def test_weighted_mean_of_stays_met_inside_is_the_mean_of_all_stays() -> None:
    """Stays of 1, 2, …, 40 minutes, each met in proportion to its length: weighting by 1/minutes gives back 20.5."""
    made = plan()
    minutes = np.repeat(np.arange(1, 41), np.arange(1, 41)).astype(float)
    answers = pd.DataFrame({"block": made.frame.loc[0, "block"], "minutes_in_store": minutes})
    data = intercept_weights(answers, made, target="visits", selected="inside").data()
    assert minutes.mean() == pytest.approx(27)
    assert DescrStatsW(minutes, data["weight"]).mean == pytest.approx(20.5)


def test_missing_and_zero_frequencies_are_listed_and_stood_for() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    answers["visits_per_month"] = answers["visits_per_month"].astype(object)
    answers.loc[[0, 5, 6], "visits_per_month"] = [None, 0, "often"]
    weighted = intercept_weights(answers, made, tallies, target="customers")
    listed = weighted.excluded[["row", "reason"]].to_numpy().tolist()
    assert listed == [[2, "no visits"], [7, "zero visits"], [8, "no visits"]]
    assert (weighted.n, weighted.n_dropped) == (len(answers) - 3, 3)
    assert "3 left out (frequency of visits not given 2, frequency of visits not above 0 1)" in weighted.note()
    assert "剔除 3 份（未回答到店次数 2、到店次数不大于 0 1）" in weighted.in_language("zh").note()
    data = weighted.data()
    visits = (data["weight"] * data["visits_per_month"].astype(float)).sum()
    assert visits == pytest.approx(eligible_visits(made, tallies), rel=1e-12)
    assert intercept_weights(answers, made, tallies, target="visits").n_dropped == 0  # not needed there


def test_kish_by_hand_and_by_statsmodels() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    weighted = intercept_weights(answers, made, tallies, target="customers")
    w = weighted.data()["weight"].to_numpy()
    assert weighted.n_effective == pytest.approx(w.sum() ** 2 / (w @ w))
    assert weighted.deff == pytest.approx(1 + w.var() / w.mean() ** 2)
    found = estimate(weighted.data(), Mean("score"), weighted.design).frame.loc[0, "estimate"]
    assert found == pytest.approx(DescrStatsW(answers["score"], w).mean)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=40), st.floats(1.05, 6))
def test_trimming_keeps_the_sum_and_the_order(values: list[float], trim: float) -> None:
    weight = np.array(values)
    cut = trim_weights(weight, trim)
    assert cut.sum() == pytest.approx(weight.sum())
    assert cut.max() <= trim * weight.mean() * (1 + 1e-9)
    assert (np.diff(cut[np.argsort(weight, kind="stable")]) >= -1e-9 * weight.max()).all()
    assert (cut**2).sum() <= (weight**2).sum() * (1 + 1e-9)


def test_trimming_is_said() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    weighted = intercept_weights(answers, made, tallies, target="customers", trim=1.5)
    assert weighted.data()["weight"].max() == pytest.approx(1.5 * weighted.data()["weight"].mean())
    assert "weights over 1.5 times the mean were trimmed" in weighted.note()


def test_departures_from_every_kth_are_named() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    assert "every k-th (over 1)" not in intercept_weights(answers, made, tallies, target="visits").note()
    tallies.loc[0, "leavers"] *= 3
    assert (
        f"every k-th (over 1): {tallies.loc[0, 'block']}"
        in intercept_weights(answers, made, tallies, target="visits").note()
    )


# --- interviews without a block ----------------------------------------------------------------------------


def without_block(made: InterceptPlan, rows: pd.DataFrame, day: str = "date") -> pd.DataFrame:
    """The same rows as a form has them: store, day, and some hour of the block."""
    about = made.frame.set_index("block").loc[rows["block"]].reset_index(drop=True)
    hour = about["start"] + np.arange(len(about)) % about["hours"]
    return (
        rows.drop(columns="block")
        .reset_index(drop=True)
        .assign(store=about["store"], **{day: about["day"], "hour": hour})
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_the_block_is_found_by_store_date_and_hour(seed: int) -> None:
    """The plan's own blocks are the authority: nothing changes when the column is left out."""
    made = plan(seed)
    answers, tallies = fieldwork(made, seed)
    known = intercept_weights(answers, made, tallies, target="customers")
    found = intercept_weights(without_block(made, answers), made, tallies, target="customers")
    assert found.data()["block"].tolist() == known.data()["block"].tolist()
    assert found.data()["weight"].tolist() == known.data()["weight"].tolist()
    bare = without_block(made, tallies.drop(columns=["store", "day", "hour"], errors="ignore"), "day")
    again = intercept_weights(without_block(made, answers), made, bare, target="customers")
    assert again.data()["weight"].tolist() == known.data()["weight"].tolist()


@pytest.mark.parametrize("write", [
    lambda day, hour: (pd.Timestamp(day), float(hour)), lambda day, hour: (day.replace("-0", "/"), f"{hour}:59"),
    lambda day, hour: (f"{day} 00:00:00", str(hour)), lambda day, hour: (pd.Timestamp(day).date(), f"{day}T{hour}:05:00+08:00"),
])  # fmt: skip
def test_dates_and_hours_in_any_spelling(write: Any) -> None:
    made = plan()
    block = made.frame.iloc[3]
    day, hour = write(block["day"], block["end"] - 1)
    found = made.with_blocks(pd.DataFrame({"store": [block["store"]], "date": [day], "hour": [hour]}))
    assert found["block"].tolist() == [block["block"]]


def test_weekdays_of_a_typical_week_are_found_by_date() -> None:
    week = footfall(days=6).assign(day=lambda f: pd.to_datetime(f["day"]).dt.day_name())
    made = plan_intercepts(week, n=160, interviewers=3, seed=1, eligible=0.7, response=0.6)
    block = made.frame.iloc[0]
    date = pd.date_range("2026-03-02", periods=7)[int(block["weekday"])]  # a Monday and the days after it
    found = made.with_blocks(pd.DataFrame({"store": [block["store"]], "date": [date], "hour": [block["start"]]}))
    assert found["block"].tolist() == [block["block"]]


def test_the_hour_is_needed_only_where_it_decides() -> None:
    made = plan(n=400, interviewers=8)
    per_day = made.frame.groupby(["store", "day"])["block"].agg(["size", "first"]).reset_index()
    one, many = per_day[per_day["size"] == 1].iloc[0], per_day[per_day["size"] > 1].iloc[0]
    found = made.with_blocks(pd.DataFrame({"store": [one["store"]], "date": [one["day"]]}))
    assert found["block"].tolist() == [one["first"]]
    with pytest.raises(DataError, match="several blocks on this day: the hour decides"):
        made.with_blocks(pd.DataFrame({"store": [many["store"]], "date": [many["day"]], "hour": [None]}))


def test_rows_that_fit_no_block_are_all_named() -> None:
    made = plan()
    block = made.frame.iloc[0]
    rows = pd.DataFrame({"store": [block["store"], "S99", block["store"], block["store"], None],
                         "date": [block["day"], block["day"], "2027-01-01", block["day"], block["day"]],
                         "hour": [block["start"], block["start"], block["start"], "noon", block["start"]]})  # fmt: skip
    with pytest.raises(DataError, match="4 rows of responses fit no single block of the plan") as error:
        intercept_weights(rows, made, target="visits")
    assert error.value.cases["row"].tolist() == [3, 4, 5, 6]
    assert set(error.value.cases["problem"]) == {"no block of the plan"}
    with pytest.raises(DataError, match="don't say in which block"):
        intercept_weights(rows.drop(columns="date"), made, target="visits")


def test_a_noted_block_counts_and_blanks_are_found() -> None:
    made = plan()
    first, second = made.frame.iloc[0], made.frame.iloc[4]
    rows = pd.DataFrame({"block": [first["block"], " "], "store": [first["store"], second["store"]],
                         "date": [first["day"], second["day"]], "hour": [23, second["start"]]})  # fmt: skip
    assert made.with_blocks(rows)["block"].tolist() == [first["block"], second["block"]]
    assert rows["block"].tolist() == [first["block"], " "]


def test_contacts_without_a_place_are_not_dropped_silently() -> None:
    contacts = pd.DataFrame({"block": ["A", None], "outcome": ["complete", "refusal"]})
    with pytest.raises(DataError, match="1 contacts don't say where or when"):
        count_outcomes(contacts)


def test_stores_are_shown_by_their_labels() -> None:
    named = {
        "store": Variable(values={"S01": {"en": "Main Street", "zh": "大街店"}}),
        "tier": {"en": "level", "zh": "级别"},
    }
    made = plan().with_labels(named).in_language("zh")
    for shown in (made, made.by_store(), made.timetable(), tally_sheet(made)):
        assert "大街店" in shown.shown()["门店"].tolist()
    assert "级别" in made.by_store().shown()
    assert "大街店" in [label.get_text() for label in made.plot(new_axes()).get_yticklabels()]


def test_result_says_its_target_and_hands_over_data_and_design() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    before = answers.copy()
    weighted = intercept_weights(answers, made, tallies, target="customers")
    assert "the target is customers, each counted once" in weighted.note()
    assert weighted.in_language("zh").title() == "出口拦截访问的权数：推论对象为顾客，每人计一次"
    assert "推论对象为顾客" in weighted.in_language("zh").sentence()
    assert "worth about" in weighted.sentence()
    assert {"store", "area_type", "tier", "stratum", "cluster", "weight"} <= set(weighted.data())
    weighted.design.check(weighted.data())
    assert estimate(weighted.data(), Mean("score"), weighted.design).frame.loc[0, "df"] == len(made.frame) - 8
    pd.testing.assert_frame_equal(answers, before)


def test_interviews_that_do_not_fit_the_plan_are_named() -> None:
    made = plan()
    answers, tallies = fieldwork(made)
    with pytest.raises(DataError, match="a block that is not in the plan") as caught:
        intercept_weights(answers.assign(block=answers["block"].where(answers.index != 3, "X")), made, target="visits")
    assert caught.value.cases["row"].tolist() == [5]
    with pytest.raises(DataError, match="another store than their block") as caught:
        intercept_weights(answers.assign(store="S01"), made, target="visits")
    assert caught.value.cases["row"].min() > 2
    with pytest.raises(DataError, match="more interviews than their tallies say"):
        intercept_weights(answers, made, tallies.assign(complete=0), target="visits")
    with pytest.raises(DataError, match="tallies name 1 blocks"):
        intercept_weights(answers, made, pd.concat([tallies, tallies.iloc[:1].assign(block="X")]), target="visits")
    with pytest.raises(DataError, match="no interview can be weighted"):
        intercept_weights(answers.assign(visits_per_month=0), made, tallies, target="customers")
    with pytest.raises(DataError, match="has no column 'visits_per_month'"):
        intercept_weights(answers.drop(columns="visits_per_month"), made, target="customers")


def test_arguments_of_weights_that_cannot_be_used() -> None:
    made = plan()
    answers, _ = fieldwork(made)
    with pytest.raises(SpecError, match="target='people'"):
        intercept_weights(answers, made, target="people")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="selected='door'"):
        intercept_weights(answers, made, target="visits", selected="door")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"trim=0\.5"):
        intercept_weights(answers, made, target="visits", trim=0.5)
    with pytest.raises(SpecError, match="already have 'weight'"):
        intercept_weights(answers.assign(weight=1), made, target="visits")


# --- the picture -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_picture_shows_every_block_and_the_drawn_ones(language: Any) -> None:
    pytest.importorskip("matplotlib")
    from survey_design.plots.sheet import new_axes, save_png

    made = plan(language=language, interviewers=["张伟", "李娜", "王芳"])
    ax = made.plot(new_axes())
    parts = {part.get_label(): part for part in ax.collections}
    assert len(parts["blocks"].get_paths()) == len(made.slots)
    assert parts["blocks"].get_array().tolist() == made.slots["leavers"].tolist()
    corners = {(path.vertices[0][0], path.vertices[0][1]) for path in parts["drawn"].get_paths()}
    rows = made.frame["store"].map({name: k for k, name in enumerate(made.stores["store"])})
    expected = {(float(slot), 17.0 * row + 1) for slot, row in zip(made.frame["slot"], rows, strict=True)}
    assert corners == expected
    bars = [path.get_extents().height for path in parts["footfall"].get_paths()]
    total = made.slots.groupby("slot")["leavers"].sum()
    assert np.allclose(np.array(bars) / max(bars), total / total.max())
    assert [label.get_text() for label in ax.get_yticklabels()] == made.stores["store"].tolist()
    assert ax.get_title(loc="left").replace("\n", "").replace(" ", "") == made.title().replace(" ", "")
    assert save_png(ax)[:4] == b"\x89PNG"


def test_key_promises_names_only_where_they_are_drawn() -> None:
    pytest.importorskip("matplotlib")
    from survey_design.plots.sheet import new_axes

    few = plan().plot(new_axes())
    many = plan_intercepts(footfall(42, 3), n=300, interviewers=12, seed=1).plot(new_axes())
    assert few.get_legend().get_texts()[0].get_text() == "drawn block, with its interviewer"
    assert many.get_legend().get_texts()[0].get_text() == "drawn block"
    assert {text.get_text() for text in few.texts} >= set(plan().frame["interviewer"])


# --- the page ----------------------------------------------------------------------------------------------


@cache
def page_table(head: tuple[str, ...]) -> pd.DataFrame:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in lines]
    start = cells.index(head)
    stop = next((k for k in range(start, len(lines)) if not lines[k].startswith("|")), len(lines))
    return pd.DataFrame(cells[start + 2 : stop], columns=list(head))


def test_page_was_made_with_the_settings_of_the_script() -> None:
    written = dict(page_table(("setting", "value")).to_numpy())
    expected = dict(bench.setting_lines())
    assert {k: v for k, v in written.items() if k != "versions"} == {
        k: v for k, v in expected.items() if k != "versions"
    }
    assert written["seed, fixed before the first run"] == "20261122"
    assert written["surveys: all 24 stores visited"] == "5,000"


def test_weighted_intervals_hold_the_truth_and_naive_ones_do_not() -> None:
    table = page_table(bench.HEAD)
    assert len(table) == 4
    held = table["95% interval holds the truth (%)"].str.split(" ± ", expand=True).astype(float)
    assert (held[0] >= 93.5).all()
    high = table[held[0] > 96.5]
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"{row['survey']}, {row['target']}" in text for _, row in high.iterrows())
    customers = table[table["target"] == "customers"]
    assert (customers["holds the truth (%)"].str.split(" ± ").str[0].astype(float) < 50).all()
    assert (customers["naive: mean error"].astype(float) > 0.2).all()
    assert (table["in SE"].astype(float).abs() < 0.12).all()


@pytest.mark.parametrize("scenario", bench.SCENARIOS, ids=lambda scenario: scenario.id)
def test_first_surveys_come_out_as_the_page_says(scenario: bench.Scenario) -> None:
    written = page_table(bench.FIRST_HEAD)
    found = bench.run(scenario, bench.FIRST)
    expected = pd.DataFrame(list(bench.first_lines(scenario, found)), columns=list(bench.FIRST_HEAD))
    shown = written[written["survey"] == scenario.words].reset_index(drop=True)
    pd.testing.assert_frame_equal(shown, expected)


def test_truth_of_the_simulation_is_the_mean_over_visits_and_over_customers() -> None:
    people = bench.population(bench.SCENARIOS[0])
    score, visits = people.score[people.bought], people.visits[people.bought]
    assert people.truth["visits"] == pytest.approx(score.mean())
    assert people.truth["customers"] == pytest.approx(DescrStatsW(score, 1 / visits).mean)
    assert (1 / visits).sum() == pytest.approx(
        bench.PER_STORE * bench.SCENARIOS[0].stores
    )  # every customer counts once
