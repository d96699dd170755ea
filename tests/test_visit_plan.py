"""The roster of mystery visits: frequency, order, rotation, capacity; plain enumeration, an independent checker, an audit."""

from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmarks.roster import broken, instance, later
from survey_design.errors import DataError, SpecError
from survey_design.plots.sheet import new_axes, save_svg
from survey_design.visits import (
    FrequencyRule,
    audit_visits,
    minimum_inspectors,
    plan_visits,
    priority_order,
    visits_per_month,
)
from survey_design.visits.cycle import split_evenly
from survey_design.visits.months import add_months, first_month, part_of_month, welcome_from


def crew(n: int, capacity: int = 10, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"inspector": [f"I{k}" for k in range(n)], "capacity": capacity, **more})


def shops(n: int, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"store": [f"S{k}" for k in range(n)], "area": "N", **more})


# --- the rules, by name -----------------------------------------------------------------------------------


def test_rule_7_once_a_month_twice_for_busy_core_stores():
    stores = pd.DataFrame({"store": list("abcdef"), "area": "N", "tier": ["core", "core", "flagship_core", "first_tier", "core", "hypermarket"],
                           "traffic": [900, 300, 800, 950, np.nan, 100]})  # fmt: skip
    assert visits_per_month(stores).tolist() == [2, 1, 1, 1, 1, 1]  # the busiest third of five known: 900 and 950
    assert visits_per_month(stores, [FrequencyRule(2, tiers=("flagship_core", "core"), traffic_from=800)]).tolist() == [
        2,
        1,
        2,
        1,
        1,
        1,
    ]
    plan = plan_visits(stores, crew(9), start="2027-01", months=6, seed=1)
    counts = plan.frame.groupby(["store", "month"]).size().unstack()
    assert (counts.loc["a"] == 2).all()
    assert (counts.drop("a") == 1).all(axis=None)
    halves = (
        plan.frame[plan.frame["store"] == "a"]
        .groupby("month")["date"]
        .agg(lambda dates: sorted(int(d[8:]) > 15 for d in dates))
    )
    assert halves.tolist() == [[False, True]] * 6


@pytest.mark.parametrize("strict", [True, False])
def test_rule_8_the_same_inspector_is_back_after_more_than_three_months(strict):
    stores = shops(6, tier=["core"] * 2 + ["first_tier"] * 4, traffic=[9, 8, 1, 1, 1, 1])
    plan = plan_visits(
        stores, crew(8 if strict else 6, 4), start="2027-01", seed=3, strict=strict, closed_weekdays=["Sun"]
    )
    assert len(plan.dropped) == 0
    days = plan.frame.assign(day=pd.to_datetime(plan.frame["date"]).dt.date)
    seen = 0
    for _, visits in days.groupby(["store", "inspector"]):
        for before, after in zip(sorted(visits["day"])[:-1], sorted(visits["day"])[1:], strict=True):
            assert after > later(before, 3) if strict else after >= later(before, 3)
            seen += 1
    assert seen > 10  # inspectors do come back


def test_rule_8_holds_from_visits_before_the_plan_on():
    previous = pd.DataFrame(
        {
            "store": "S0",
            "inspector": ["I0", "I1", "I2", "gone"],
            "date": ["2026-12-20", "2026-11-02", "2026-10-31", "2026-12-24"],
        }
    )
    plan = plan_visits(shops(1), crew(4), start="2027-01", months=4, seed=1, previous=previous)
    firsts = plan.frame.groupby("inspector")["month"].min().to_dict()
    assert firsts == {"I3": "2027-01", "I2": "2027-02", "I1": "2027-03", "I0": "2027-04"}


def test_earlier_visits_of_unknown_stores_and_inspectors_are_counted():
    stores = shops(3).assign(store=["001", "002", "003"])
    previous = pd.DataFrame(
        {"store": ["001", "1", "S1x"], "inspector": ["I0", "gone", "gone"], "date": ["2026-12-20"] * 3}
    )
    plan = plan_visits(stores, crew(4), start="2027-01", months=4, seed=1, previous=previous)
    assert (
        "Of 3 previous visits 2 are of stores that the plan does not have (1 = 001?, S1x) and 2 are of inspectors that the plan "
        "does not have (gone): rotation does not look at them." in plan.note()
    )
    zh = plan.in_language("zh").note()
    assert (
        "3 次历史访问中，2 次的门店不在本计划中（1 = 001?、S1x），2 次的检查人员不在本计划中（gone）；轮换未计入这些访问。"
        in zh
    )
    known = plan_visits(stores, crew(4), start="2027-01", months=4, seed=1, previous=previous[:1])
    assert "previous" not in known.note()
    with pytest.raises(
        DataError, match=r"none of its 2 visits is of a store of this plan: .*\(1 = 001\?, S1x\)"
    ) as caught:
        plan_visits(stores, crew(4), start="2027-01", months=4, seed=1, previous=previous[1:])
    assert len(caught.value.cases) == 2


CHAIN = pd.DataFrame({
    "store": [f"S{k}" for k in range(10)], "area": ["N"] * 5 + ["S"] * 5, "tier": ["core"] * 5 + ["cooperative"] * 5,
    "city_level": ["county"] * 10, "traffic": [9000, 8000, 7000, 1000, 900, 800, 700, 600, 500, 400],
})  # fmt: skip
NAMES = [
    {"core": "核心店", "cooperative": "合作类型店", "county": "县城"},
    {"core": "Core", "cooperative": "COOPERATIVE", "county": "County"},
    {"core": "Core store", "cooperative": "合作店", "county": "县"},
]


@pytest.mark.parametrize("names", NAMES)
def test_tiers_are_known_by_their_names_in_both_languages(names):
    """10 stores, 3 months: the busiest third of the chain are 3 core stores, seen twice a month: 3 (10 + 3) visits."""
    people, told = crew(8, 8), CHAIN.replace({"tier": names, "city_level": names})
    plan, coded = (plan_visits(stores, people, start="2027-01", months=3, seed=1) for stores in (told, CHAIN))
    assert len(plan.frame) == len(coded.frame) == 39
    assert plan.stores["store"].tolist() == coded.stores["store"].tolist()
    assert set(plan.frame["tier"]) == {names["core"], names["cooperative"]}  # shown as they were written


def test_a_tier_that_no_store_has_is_told():
    plan = plan_visits(CHAIN.replace({"core": "Kern"}), crew(8, 8), start="2027-01", months=1, seed=1)
    assert (
        "No store has the tier flagship_core (frequency, priority), core (frequency, priority), first_tier (priority), hypermarket "
        "(priority); stores have: Kern, cooperative." in plan.note()
    )
    assert "门店现有：Kern、cooperative。" in plan.in_language("zh").note()
    mine = [FrequencyRule(2, tiers=("core",))]
    audit = audit_visits(
        pd.DataFrame({"store": ["S0"], "inspector": "a", "date": "2027-01-05"}), stores=CHAIN, visits=mine
    )
    assert audit.note() == ""
    audit = audit_visits(audit.log, stores=CHAIN.drop(columns="tier"), visits=mine, language="zh")
    assert audit.note() == "门店表没有 tier 列：以此为条件的规则对任何门店均不适用。"


def test_chinese_headings_and_told_columns_make_the_same_plan():
    stores = CHAIN.rename(
        columns={"store": "门店编号", "area": "区域", "tier": "门店层级", "city_level": "城市级别", "traffic": "客流量"}
    )
    people = crew(8, 8, home=["N"] * 4 + ["S"] * 4)
    staff = people.rename(columns={"inspector": "检查员", "capacity": "月访问能力", "home": "所在片区"})
    done = pd.DataFrame({"store": ["S1"], "inspector": "I0", "date": "2026-12-20"})
    before = pd.DataFrame({"门店": ["S1"], "检查员": "I0", "日期": "2026年12月20日"})
    ways = pd.DataFrame({"from": ["N"], "to": ["S"], "cost": [3.0]})
    told = {"start": "2027-01", "months": 3, "seed": 1}
    ours = plan_visits(CHAIN, people, previous=done, travel=ways, **told)
    theirs = plan_visits(stores, staff, previous=before, travel=ways.set_axis(["起点", "终点", "成本"], axis=1),
                         columns={"所在片区": "home"}, **told)  # fmt: skip
    pd.testing.assert_frame_equal(theirs.frame, ours.frame)
    log = ours.frame[["store", "inspector", "date"]].set_axis(["门店", "访问员", "访问日期"], axis=1)
    audit = audit_visits(log, stores=stores, inspectors=staff, language="zh")
    assert audit.counts().frame["violations"].sum() == 0
    assert audit.log.columns.tolist() == ["门店", "访问员", "访问日期", "violations"]
    with pytest.raises(DataError, match="no column 'grade'"):
        plan_visits(CHAIN, people, columns={"grade": "tier"}, **told)


def test_rule_11_flagship_and_central_stores_come_first_cooperative_ones_last():
    stores = pd.DataFrame({
        "store": list("abcdefgh"), "area": "N",
        "tier": ["cooperative", "hypermarket", "first_tier", "first_tier", "first_tier", "flagship_core", "kiosk", "first_tier"],
        "city_level": ["central", "central", "town", "county", "central", "town", "central", "central"],
        "traffic": [9e3, 8e3, 500, 500, 10, 5, 1, 20],
    })  # fmt: skip
    order = stores["store"].to_numpy()[np.argsort(priority_order(stores))]
    assert "".join(order) == "hef" + "dcbga"
    plan = plan_visits(stores, crew(8, 1).head(5), start="2027-01", months=1, seed=1)  # five visits for eight stores
    assert set(plan.frame["store"]) == set("hefdc")
    assert plan.dropped["store"].tolist() == ["b", "g", "a"]
    one = plan_visits(stores, crew(1, 8), start="2027-01", months=1, seed=1)
    assert one.frame.sort_values("date")["priority"].is_monotonic_increasing


def test_second_visits_of_a_month_give_way_before_anybodys_first():
    stores = shops(3, tier=["core", "core", "cooperative"], traffic=[9, 8, 7])
    rule = [FrequencyRule(2, tiers=("core",))]
    plan = plan_visits(stores, crew(4, 1), start="2027-01", months=1, seed=1, visits=rule)
    assert plan.frame["store"].value_counts().to_dict() == {"S0": 2, "S1": 1, "S2": 1}


def test_rule_38_fewest_inspectors():
    assert [minimum_inspectors(1), minimum_inspectors(2), minimum_inspectors(2, spacing="calendar_months")] == [4, 7, 8]
    assert [minimum_inspectors(1, strict=False), minimum_inspectors(2, strict=False)] == [3, 6]


@pytest.mark.parametrize(
    ("visits", "strict", "spacing", "least"),
    [
        (1, True, "parts", 4),
        (2, True, "parts", 7),
        (2, True, "calendar_months", 8),
        (1, False, "parts", 3),
        (2, False, "parts", 6),
    ],
)
def test_rule_38_the_solver_needs_as_many_inspectors_as_theory_says(visits, strict, spacing, least):
    options = {
        "start": "2027-01",
        "months": 8,
        "seed": 1,
        "visits": [FrequencyRule(visits)],
        "strict": strict,
        "spacing": spacing,
    }
    assert len(plan_visits(shops(1), crew(least), **options).dropped) == 0
    short = plan_visits(shops(1), crew(least - 1), **options)
    assert len(short.dropped) > 0
    assert short.dropped_least > 0
    assert set(short.dropped["reason"]) == {"rotation"}
    changes = short.shortfall.frame.set_index("change")
    assert changes.loc["inspectors", ["least", "enough"]].tolist() == [1, 1]
    assert changes.loc["visits", "enough"] == len(short.dropped)
    assert short.shortfall.sentence().startswith(
        "The plan becomes possible with 1 more inspector with home in N, or with "
    )
    assert short.in_language("zh").shortfall.sentence().startswith("N增加 1 人，或减少 ")


# --- against others ---------------------------------------------------------------------------------------


def cheapest(
    stores: pd.DataFrame, inspectors: pd.DataFrame, months: int, gap: int, travel: float, over: float
) -> float:
    """The least cost of all rosters of one visit a month, by trying every one of them."""
    n, k, best = len(stores), len(inspectors), np.inf
    capacity = inspectors["capacity"].to_numpy()
    share = np.minimum(np.ceil(n * capacity / capacity.sum()), capacity)
    away = [[travel * (home != area) for home in inspectors["home"]] for area in stores["area"]]
    ties = [[store in tied for tied in inspectors["ties"]] for store in stores["store"]]
    lines = [line for line in product(range(k), repeat=months)
             if all(line[a] != line[b] for a in range(months) for b in range(a) if a - b <= gap)]  # fmt: skip
    able = [[line for line in lines if not any(ties[s][i] for i in line)] for s in range(n)]
    for roster in product(*able):
        load = np.array([[sum(line[m] == i for line in roster) for m in range(months)] for i in range(k)])
        if (load <= capacity[:, None]).all():
            cost = (
                sum(away[s][i] for s, line in enumerate(roster) for i in line)
                + over * np.maximum(load - share[:, None], 0).sum()
            )
            best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_tiny_plans_are_as_good_as_the_best_of_all_rosters(seed):
    g = np.random.default_rng(seed)
    stores = pd.DataFrame({"store": ["甲店", "乙店", "丙店"], "area": g.choice(["N", "S"], 3)})
    inspectors = pd.DataFrame({"inspector": list("ABCD"), "home": g.choice(list(stores["area"]), 4), "capacity": g.integers(1, 4, 4),
                               "ties": [["甲店"] if g.random() < 0.2 else [] for _ in range(4)]})  # fmt: skip
    best = cheapest(stores, inspectors, 3, 1, 1.0, 0.25)
    plan = plan_visits(stores, inspectors, start="2027-03", months=3, seed=seed, gap_months=1)
    assert np.isfinite(best) == (len(plan.dropped) == 0)
    if np.isfinite(best):
        assert plan.cost == pytest.approx(best, abs=1e-9)
        assert plan.gap == 0
        assert plan.bound == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("seed", range(15))
def test_hard_constraints_hold_in_random_plans(seed):
    stores, inspectors, options = instance(seed)
    before = stores.copy(), inspectors.copy()
    plan = plan_visits(stores, inspectors, **options)
    assert broken(plan, stores, inspectors, options) == []
    assert plan.bound <= plan.cost + 1e-6
    assert plan.dropped_least <= len(plan.dropped)
    pd.testing.assert_frame_equal(stores, before[0])
    pd.testing.assert_frame_equal(inspectors, before[1])
    rules = {name: options[name] for name in ("strict", "gap_months", "spacing", "rotation", "start", "months")}
    found = audit_visits(plan.frame, stores=stores, inspectors=inspectors, **rules).frame
    firsts = plan.dropped[~plan.dropped["second"].astype(bool)]
    assert set(found["rule"]) <= {"frequency"}
    assert (found["expected"] - found["found"]).sum() == len(firsts)  # what found no place, and nothing else


def test_the_checker_finds_what_is_broken():
    stores, inspectors, options = instance(0)
    plan = plan_visits(stores, inspectors, **options)
    frame = plan.frame.copy()
    frame.loc[:, "inspector"] = frame["inspector"].iloc[0]
    object.__setattr__(plan, "frame", frame)
    words = " ".join(broken(plan, stores, inspectors, options))
    assert "back too early" in words
    assert "capacity" in words


def test_like_stores_once_a_month_reach_the_bound():
    """Three inspectors live in each of four areas: a fourth visit in four must come from outside, no more."""
    stores = pd.DataFrame({"store": [f"S{k:02d}" for k in range(48)], "area": [f"A{k % 4}" for k in range(48)]})
    inspectors = pd.DataFrame(
        {"inspector": [f"I{k:02d}" for k in range(12)], "home": [f"A{k % 4}" for k in range(12)], "capacity": 5}
    )
    plan = plan_visits(stores, inspectors, start="2027-01", seed=1)
    assert (plan.cost, plan.gap) == (48 * 12 / 4, 0.0)


def test_even_splits_are_even():
    g = np.random.default_rng(1)
    for _ in range(20):
        table = g.integers(0, 9, (5, 7))
        parts = split_evenly(table, 4)
        assert (parts.sum(axis=0) == table).all()
        for sums in (parts, parts.sum(axis=1), parts.sum(axis=2)):
            assert (sums.max(axis=0) - sums.min(axis=0) <= 1).all()


def test_months_are_added_as_the_standard_library_does():
    days = np.arange("2027-01-01", "2029-01-01", dtype="datetime64[D]")
    assert add_months(days, 3).astype(object).tolist() == [later(day, 3) for day in days.astype(object)]
    for part in range(3):  # the next part of the month, three months on, is always late enough
        for month in np.arange("2027-01", "2028-01", dtype="datetime64[M]"):
            last = part_of_month(month, part, 4)[1]
            assert part_of_month(month + 3, part + 1, 4)[0] >= welcome_from(last, 3, True)


# --- the plan as a whole ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chinese():
    g = np.random.default_rng(2)
    stores = pd.DataFrame({"store": [f"朝阳{k}店" for k in range(20)], "area": g.choice(["城东", "城西"], 20),
                           "tier": g.choice(["core", "first_tier"], 20), "traffic": g.integers(100, 900, 20)})  # fmt: skip
    inspectors = pd.DataFrame({"inspector": [f"检查员{k}" for k in range(9)], "home": ["城东", "城西", "城东"] * 3, "capacity": 5,
                               "ties": ["朝阳0店、朝阳1店"] + [None] * 8, "agency": ["甲公司"] * 5 + ["乙公司"] * 4})  # fmt: skip
    return (
        stores,
        inspectors,
        {"start": "2027-01", "seed": 7, "second_share": 0.05, "overt_share": 0.25, "closed_weekdays": ["周日"]},
    )


def test_the_same_seed_plans_the_same_bytes(chinese):
    stores, inspectors, options = chinese
    plan = plan_visits(stores, inspectors, **options)
    assert plan.to_csv() == plan_visits(stores, inspectors, **options).to_csv()
    assert plan.to_csv() != plan_visits(stores, inspectors, **(options | {"seed": 8})).to_csv()


def test_balance_modes_scenarios_and_words(chinese):
    stores, inspectors, options = chinese
    plan = plan_visits(stores, inspectors, **options)
    frame = plan.frame
    spread = frame[frame["second_of"] == ""].groupby("store")
    for column, values in (("weekday", range(6)), ("time_of_day", ("morning", "afternoon", "evening"))):
        counts = pd.DataFrame(
            {store: rows[column].value_counts().reindex(values, fill_value=0) for store, rows in spread}
        )
        assert (counts.max() - counts.min()).max() <= 3
        assert (counts.max() - counts.min()).mean() < 1.7
    assert frame.loc[frame["inspector"] == "检查员0", "store"].isin(["朝阳0店", "朝阳1店"]).sum() == 0
    assert (frame["mode"] == "overt").mean() == pytest.approx(0.25, abs=0.05)
    covert = frame[frame["mode"] == "covert"]
    assert (covert["scenario"] == "enquiry").mean() == pytest.approx(0.4, abs=0.05)
    assert (frame["scenario"] == "").equals(frame["mode"] == "overt")
    assert set(frame["agency"]) == {"甲公司", "乙公司"}
    zh = plan.in_language("zh")
    assert zh.sentence().startswith("2027-01 至 2027-12，9 名检查人员对 20 家门店进行")
    assert "任何方案不低于" in zh.note()
    assert list(zh.shown().columns[:3]) == ["访问编号", "日期", "星期"]
    card = zh.cards("检查员1", "2027-02")
    assert "检查员1的访问卡（2027-02）" in card.to_string()
    assert not any("second" in name or "double" in name for name in card.frame)
    assert sum(len(card.frame) for card in plan.cards().values()) == len(frame)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_shows_inspectors_by_months(chinese, language):
    stores, inspectors, options = chinese
    plan = plan_visits(stores, inspectors, **options).in_language(language)
    ax = plan.plot(new_axes(9))
    load = next(c for c in ax.collections if c.get_label() == "load")
    assert len(load.get_paths()) == 9 * 12
    assert np.allclose(load.get_array(), plan.loads["visits"] / plan.loads["capacity"])
    assert [label.get_text() for label in ax.get_yticklabels()] == list(inspectors["inspector"])
    assert save_svg(ax).startswith("<?xml")


def test_no_store_can_foresee_the_time_of_day_and_each_month_has_all_of_them():
    stores = shops(30, area=[f"A{k % 3}" for k in range(30)])
    people = crew(6, 6, home=[f"A{k % 3}" for k in range(6)])
    for seed in (1, 2):
        for seconds in (0.0, 0.1):
            plan = plan_visits(stores, people.assign(capacity=8), start="2027-01", seed=seed, second_share=seconds)
            frame = plan.frame[plan.frame["second_of"] == ""]
            by_month = frame.groupby(["month", "time_of_day"]).size().unstack(fill_value=0)
            share = by_month.sum(axis=1).to_numpy()[:, None] / 3
            assert by_month.shape == (12, 3)
            assert (abs(by_month - share) <= 1).all(axis=None)
            by_store = frame.groupby(["store", "time_of_day"]).size().unstack(fill_value=0)
            assert (by_store.max(axis=1) - by_store.min(axis=1)).max() <= 2
            assert (by_store.max(axis=1) - by_store.min(axis=1)).mean() < 0.5
            orders = frame.sort_values("date").groupby("store")["time_of_day"].agg(tuple)
            assert orders.str[:2].nunique() == 6  # each way to begin
            assert orders.nunique() > 20
    other = plan_visits(stores, people, start="2027-01", seed=3).frame
    assert (
        frame.set_index(["store", "month"])["time_of_day"].sort_index().tolist()
        != other.set_index(["store", "month"])["time_of_day"].sort_index().tolist()
    )


def test_the_visits_of_a_month_spread_over_its_days():
    stores = shops(30, area=[f"A{k % 3}" for k in range(30)])
    people = crew(6, 6, home=[f"A{k % 3}" for k in range(6)])
    for seed in (1, 2, 3):
        frame = plan_visits(stores, people, start="2027-01", seed=seed).frame
        per_month = frame.groupby("month")["date"]
        assert per_month.nunique().min() >= 16  # 30 visits: not on five days
        assert frame.groupby("date").size().max() <= 4
        weeks = pd.to_datetime(frame["date"]).dt.day.sub(1) // 10
        counts = frame.groupby(["month", weeks.clip(upper=2)]).size().unstack()
        assert counts.min(axis=None) >= 6
        weekdays = frame.groupby(["store", "weekday"]).size().unstack(fill_value=0)
        assert (weekdays.max(axis=1) - weekdays.min(axis=1)).max() <= 2


def test_an_inspector_is_at_two_stores_at_the_same_time_of_a_day_only_if_the_day_has_no_other():
    stores = shops(24, area=[f"A{k % 2}" for k in range(24)])
    plan = plan_visits(stores, crew(4, 24), start="2027-01", months=6, seed=1, per_day=3, holidays=list(
        pd.date_range("2027-01-03", "2027-01-31")), second_share=0.1)  # fmt: skip
    days = plan.frame.groupby(["inspector", "date"])["time_of_day"]
    assert days.size().max() == 3
    assert (days.nunique() == days.size()).all()


def test_progress_is_told(chinese):
    stores, inspectors, options = chinese
    told: list[tuple[int, int]] = []
    plan_visits(stores, inspectors, **options, tell=lambda done, total: told.append((done, total)))
    assert told
    assert all(done <= total for done, total in told)


# --- what can't be planned --------------------------------------------------------------------------------


def test_ties_everywhere_and_refusal():
    people = crew(5, ties=[["S0"]] * 5)
    plan = plan_visits(shops(2), people, start="2027-01", months=2, seed=1)
    assert set(plan.dropped["store"]) == {"S0"}
    assert set(plan.dropped["reason"]) == {"nobody"}
    with pytest.raises(DataError, match=r"2 of 4 visits have no place .*nobody may visit the store") as caught:
        plan_visits(shops(2), people, start="2027-01", months=2, seed=1, when_short="refuse")
    assert len(caught.value.cases) == 2
    with pytest.raises(DataError, match="4 of 4 visits have no place"):
        plan_visits(shops(2), crew(5, ties="N"), start="2027-01", months=2, seed=1)


@pytest.mark.parametrize(
    ("stores", "inspectors", "message"),
    [
        (shops(2), crew(0), "There are no inspectors"),
        (shops(0), crew(2), "There are no stores"),
        (shops(2), crew(2, 0), r"capacity of 'I0' \(row 2\): visits a month must be a whole number from 1"),
        (shops(2), crew(2, home=["N", "X"]), r"home of 'I1' \(row 3\): is no known area"),
        (shops(2), crew(2, ties=["S9", ""]), r"S9: no known stores or areas"),
        (pd.concat([shops(1), shops(1)]), crew(2), "is listed twice"),
        (shops(2).assign(area=["N", None]), crew(2), r"area of 'S1' \(row 3\): has no area"),
        (shops(2, closed_weekdays=["Mon", "Monday"]), crew(2), "write weekdays as"),
        (shops(2).drop(columns="area"), crew(2), "no column 'area'"),
    ],
)
def test_unusable_rows_are_named(stores, inspectors, message):
    with pytest.raises(DataError, match=message):
        plan_visits(stores, inspectors, start="2027-01", seed=1)


def test_a_store_in_an_area_that_the_travel_table_does_not_know():
    travel = pd.DataFrame({"from": ["S"], "to": ["W"], "cost": [2.0]})
    with pytest.raises(DataError, match="this area is not in the travel table") as caught:
        plan_visits(shops(2), crew(2), start="2027-01", seed=1, travel=travel)
    assert len(caught.value.cases) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "soon"}, "start='soon' is no date"),
        ({"start": 2027}, "is no date"),
        ({"start": "January"}, r"start='January' is no date with year and month. Give the month, as '2027-01'"),
        ({"start": "March"}, "is no date"),
        ({"start": "2027-13"}, "is no date"),
        ({"holidays": ["January"]}, "holidays: 'January' can't be read as dates"),
        ({"start": "2027-01-15"}, "Give the first day of a month, such as '2027-01-01'"),
        ({"months": 0}, "months=0 must be a whole number from 1"),
        ({"seed": -1}, "seed=-1"),
        ({"gap_months": 0.5, "over": -1}, "gap_months=0.5 .*; over=-1"),
        ({"second_share": 2}, "second_share=2"),
        ({"rotation": "city"}, "rotation='city' is not known"),
        ({"scenarios": {"enquiry": 0.6, "real_purchase": 0.4}}, "no more enquiries than purchases"),
        ({"scenarios": {"enquiry": 0.2}}, "sum to 1"),
        ({"holidays": ["never"]}, "holidays: 'never'"),
        ({"closed_weekdays": ["Sunday"]}, "Sunday is no weekday"),
    ],
)
def test_unusable_arguments_are_named(options, message):
    with pytest.raises(SpecError, match=message):
        plan_visits(shops(2), crew(5), **({"start": "2027-01", "seed": 1} | options))


def test_a_month_of_holidays_leaves_its_visits_open():
    holidays = pd.date_range("2027-02-01", "2027-02-28")
    plan = plan_visits(shops(2), crew(5), start="2027-01", months=3, seed=1, holidays=list(holidays))
    assert plan.dropped["month"].tolist() == ["2027-02"] * 2
    assert str(first_month("2027/01")) == "2027-01"


@pytest.mark.parametrize(("given", "month"), [
    (" 2027-01 ", "2027-01"), (date(2027, 3, 1), "2027-03"), (pd.Timestamp("2027-04-01"), "2027-04"),
    (np.datetime64("2027-05"), "2027-05"), (pd.Period("2027-06", "M"), "2027-06"),
])  # fmt: skip
def test_a_month_is_told_as_text_or_as_a_date(given, month):
    assert str(first_month(given)) == month


def test_a_short_plan_says_how_many_stores_are_never_visited():
    stores = shops(30, area=[f"A{k % 3}" for k in range(30)])
    plan = plan_visits(stores, crew(6, 3), start="2027-01", months=12, seed=1)
    never = sorted(set(stores["store"]) - set(plan.frame["store"]))
    assert len(never) == 12
    assert sorted(plan.never_visited) == never
    assert plan.sentence().endswith("; 144 more could not be placed; 12 of 30 stores are never visited.")
    assert "12 of 30 stores are never visited: " in plan.note()
    assert " and 4 more." in plan.note()
    zh = plan.in_language("zh")
    assert zh.sentence().endswith("；另有 144 次无法安排；30 家门店中有 12 家一次也未安排。")
    assert "30 家门店中有 12 家一次也未安排：" in zh.note()
    one = plan_visits(shops(2), crew(5, ties=[["S0"]] * 5), start="2027-01", months=2, seed=1)
    assert one.sentence().endswith("; 1 of 2 stores is never visited.")
    assert "1 of 2 stores is never visited: S0." in one.note()
    full = plan_visits(shops(2), crew(5), start="2027-01", months=2, seed=1)
    assert "never" not in full.sentence() + full.note()


# --- tables as files --------------------------------------------------------------------------------------


def test_files_plan_and_audit_what_their_frames_do(tmp_path):
    stores = shops(8, area=list("NNNNSSSS"), tier=["core", "core", *["first_tier"] * 6], traffic=[900, 100, *range(6)])
    stores["traffic"] = stores["traffic"].astype(float).where(stores["store"] != "S7")  # a blank cell
    people = crew(9, 5, home=["N", "S", "N"] * 3, ties=["S0; S1", *[""] * 8])
    travel = pd.DataFrame({"from": ["N"], "to": ["S"], "cost": [2.5]})
    done = pd.DataFrame({"store": ["S2"], "inspector": ["I1"], "date": ["2026-12-20"]})
    paths = {name: tmp_path / f"{name}.csv" for name in ("stores", "people", "travel", "done", "square", "log")}
    for name, frame in (("stores", stores), ("people", people), ("travel", travel), ("done", done)):
        frame.to_csv(paths[name], index=False)
    pd.DataFrame([[0, 2.5], [2.5, 0]], index=list("NS"), columns=list("NS")).to_csv(paths["square"])
    plan = plan_visits(stores, people, start="2027-01", months=5, seed=1, travel=travel, previous=done)
    for way in ("travel", "square"):
        read = plan_visits(str(paths["stores"]), paths["people"], start="2027-01", months=5, seed=1, travel=paths[way],
                           previous=paths["done"])  # fmt: skip
        assert read.to_csv() == plan.to_csv()
    texts = plan_visits(stores.astype({"traffic": object}), people.astype({"capacity": str}), start="2027-01", months=5, seed=1,
                        travel=travel, previous=done)  # fmt: skip
    assert texts.to_csv() == plan.to_csv()
    log = plan.frame[["store", "inspector", "date", "second_of"]].drop(index=3)
    log.to_csv(paths["log"], index=False)
    people["capacity"] = 1
    people.to_csv(paths["people"], index=False)
    audit = audit_visits(log, stores=stores, inspectors=people, start="2027-01", months=5)
    assert {"capacity", "frequency"} <= set(audit.frame["rule"])
    for again in (
        audit_visits(str(paths["log"]), stores=paths["stores"], inspectors=paths["people"], start="2027-01", months=5),
        audit_visits(log, stores=stores, inspectors=people.astype({"capacity": str}), start="2027-01", months=5),
    ):
        assert again.frame.astype(str).equals(audit.frame.assign(expected=again.frame["expected"]).astype(str))
        assert again.frame["expected"].astype(float).equals(audit.frame["expected"].astype(float))
        assert again.sentence() == audit.sentence()


def test_what_is_no_table_or_no_number_is_named():
    for call in (lambda: plan_visits([1], crew(2), start="2027-01", seed=1), lambda: audit_visits({"store": 1})):
        with pytest.raises(
            SpecError, match=r"is no table\. Give a pandas DataFrame, or the path of a CSV or Excel file"
        ):
            call()
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        plan_visits(shops(2), "nowhere.csv", start="2027-01", seed=1)
    log = pd.DataFrame({"store": ["S0"] * 2, "inspector": "I0", "date": ["2027-01-02", "2027-01-03"]})
    with pytest.raises(DataError, match=r"capacity of 'I1' \(row 3\): visits a month must be a number") as caught:
        audit_visits(log, inspectors=crew(2).assign(capacity=["1", "many"]))
    assert caught.value.cases["value"].tolist() == ["many"]
    found = audit_visits(log, inspectors=crew(2).assign(capacity=["1", ""])).frame
    assert found[found["rule"] == "capacity"][["found", "expected"]].to_numpy().tolist() == [[2, 1]]


def test_second_visits_are_told_from_text_as_files_have_it():
    log = pd.DataFrame({"store": "S0", "inspector": ["I0", "I1"], "date": ["2027-01-02", "2027-01-03"]})
    two = {"stores": shops(1), "start": "2027-01", "months": 1, "visits": [FrequencyRule(2)]}
    assert audit_visits(log.assign(double=["no", "False"]), **two).frame.empty
    assert audit_visits(log.assign(double=["no", "True"]), **two).frame["rule"].tolist() == ["frequency"]


# --- the audit --------------------------------------------------------------------------------------------


def test_the_audit_names_each_violation_once_and_loses_nothing():
    log = pd.DataFrame([
        ("S0", "I0", "2026-01-31"), ("S0", "I0", "2026-04-30"),  # three months later, to the day
        ("S0", "I1", "2026-02-10"), ("S0", "I1", "2026-02-10"),  # listed twice
        ("S1", "I1", "2026-01-05"), ("S1", "I2", "2026-02-05"), ("S1", "I0", "2026-03-05"),
        ("S9", "I0", "2026-03-06"), ("S1", "Zoe", "2026-04-07"), ("S1", "I2", "some day"), (None, "I2", "2026-04-08"),
    ], columns=["store", "inspector", "date"])  # fmt: skip
    people = crew(3, 1, ties=["", "", "S1"])
    audit = audit_visits(log, stores=shops(2), inspectors=people, start="2026-01", months=4)
    found = audit.frame.groupby("rule")["row"].apply(list).to_dict()
    assert found["rotation"] == [3]
    assert found["duplicate"] == [5]
    assert found["unreadable"] == [11, 12]
    assert (found["unknown_store"], found["unknown_inspector"], found["tie"]) == ([9], [10], [7])
    early = audit.frame[audit.frame["rule"] == "rotation"].iloc[0]
    assert (early["other_row"], early["other_date"], early["date"], early["allowed_from"]) == (
        2,
        "2026-01-31",
        "2026-04-30",
        "2026-05-01",
    )
    assert audit.frame[audit.frame["rule"] == "frequency"][["store", "month"]].to_numpy().tolist() == [
        ["S0", "2026-03"]
    ]
    assert audit.frame[audit.frame["rule"] == "capacity"][["inspector", "month", "found"]].to_numpy().tolist() == [
        ["I0", "2026-03", 2]
    ]
    assert len(audit.log) == len(log)
    assert (audit.log["violations"] != "").sum() == audit.frame["row"].nunique()
    assert audit.counts().frame["violations"].sum() == len(audit.frame)
    assert "I0 was at S0 on 2026-01-31 and again on 2026-04-30" in audit.sentence()
    assert "违规" in audit.in_language("zh").sentence()
    assert audit_visits(log.head(2), strict=False).frame.empty


def test_the_audit_agrees_with_all_pairs_of_a_random_log():
    g = np.random.default_rng(5)
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(g.integers(0, 700, 300), "D")
    log = pd.DataFrame(
        {"store": g.choice(list("ab"), 300), "inspector": g.choice(list("xyzuvw"), 300), "date": day}
    ).drop_duplicates(ignore_index=True)
    early = audit_visits(log).frame
    rows = sorted(
        zip(log["store"], log["inspector"], log["date"].dt.date, log.index + 2, strict=True), key=lambda r: (r[2], r[3])
    )
    expected = {b[3] for k, b in enumerate(rows) for a in rows[:k] if a[:2] == b[:2] and b[2] <= later(a[2], 3)}
    assert set(early["row"]) == expected


def test_rotation_by_area_in_an_audit():
    stores = pd.DataFrame({"store": ["a", "b"], "area": "N"})
    log = pd.DataFrame({"store": ["a", "b", "b"], "inspector": "x", "date": ["2026-01-10", "2026-01-12", "2026-04-30"]})
    found = audit_visits(log, stores=stores, rotation="area", start="2026-01", months=1).frame
    assert found["rule"].tolist() == ["rotation_area"]
    assert found["allowed_from"].tolist() == ["2026-05-01"]
    with pytest.raises(SpecError, match="needs stores"):
        audit_visits(log, rotation="area")


@pytest.mark.parametrize("seed", range(100, 112))
def test_no_roster_costs_less_than_the_bound_of_the_relaxed_plan(seed, monkeypatch):
    """Every roster of tiny plans is tried; the exact programme for small plans is switched off."""
    from survey_design.visits import plan as planning

    monkeypatch.setattr(planning, "best_of_small", lambda *given, **options: None)
    g = np.random.default_rng(seed)
    stores = pd.DataFrame({"store": ["甲店", "乙店", "丙店"], "area": g.choice(["N", "S"], 3)})
    inspectors = pd.DataFrame({"inspector": list("ABCD"), "home": g.choice(list(stores["area"]), 4), "capacity": g.integers(1, 4, 4),
                               "ties": [["甲店"] if g.random() < 0.3 else [] for _ in range(4)]})  # fmt: skip
    best = cheapest(stores, inspectors, 3, 1, 1.0, 0.25)
    plan = plan_visits(stores, inspectors, start="2027-03", months=3, seed=seed, gap_months=1)
    assert plan.dropped_least <= len(plan.dropped)
    if np.isfinite(best):
        assert plan.dropped_least == 0
        assert plan.bound <= best + 1e-6
    else:
        assert len(plan.dropped) > 0
