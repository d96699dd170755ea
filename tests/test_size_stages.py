"""Stores and customers per store: against all plans counted out one by one, simulated samples, and numbers by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from survey_design.errors import SpecError
from survey_design.plots.sheet import new_axes, save_svg
from survey_design.plots.stages import draw_stages
from survey_design.size.ledger import design_effect
from survey_design.size.stages import (
    Regions,
    StageModel,
    StoresAndCustomers,
    size_for_regions_and_customers,
    size_for_stores_and_customers,
)

USUAL = {"sd": 1.2, "icc": 0.05, "cost_per_store": 600, "cost_per_interview": 40}


def plan(**asked) -> StoresAndCustomers:
    return size_for_stores_and_customers(**(USUAL | asked))


# --- the truth, counted out --------------------------------------------------------------------------------


def margin_of(
    r: int, a: int, m: int, *, sd: float, icc: float, all_stores: float = math.inf, strata: int = 1, cv: float = 0.0,
    region_icc: float = 0.0, all_regions: float = 1, level: float = 0.95,
) -> float:  # fmt: skip
    """Half-width of the t interval, written down stage by stage as in Cochran's chapter 10."""
    stage1 = (1 - r / all_regions) * region_icc / r
    stage2 = (1 - a / all_stores) * icc * (1 + cv**2) / (r * a)
    stage3 = (1 - icc - region_icc) / (r * a * m)
    if r < all_regions:
        df = r - strata if r >= 2 * strata else 0
    elif a < all_stores:
        groups = max(r, strata)
        df = r * a - groups if r * a >= 2 * groups else 0
    else:
        df = r * a * (m - 1)
    return float(stats.t.ppf((1 + level) / 2, df)) * sd * math.sqrt(stage1 + stage2 + stage3) if df > 0 else math.inf


def every_plan(costs: tuple[float, float, float, float], budget: float, bounds: tuple[int, float, float, float]):
    """All (regions, stores per region, customers per store) that a budget pays for."""
    fixed, per_region, per_store, per_interview = costs
    least, most, all_stores, all_regions = bounds
    r = 1
    while r <= all_regions and fixed + r * (per_region + per_store + least * per_interview) <= budget:
        a = 1
        while a <= all_stores and fixed + r * (per_region + a * (per_store + least * per_interview)) <= budget:
            m = least
            while m <= most and fixed + r * (per_region + a * (per_store + m * per_interview)) <= budget:
                yield r, a, m
                m += 1
            a += 1
        r += 1


@st.composite
def problems(draw, staged: bool):
    whole = st.integers
    all_stores = draw(st.one_of(st.just(math.inf), whole(2, 12 if staged else 40)))
    return {
        "sd": draw(st.floats(0.3, 3)), "icc": draw(st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3])),
        "costs": (draw(st.sampled_from([0, 50])), draw(whole(20, 150)) if staged else 0, draw(whole(0, 30)), draw(whole(2, 9))),
        "least": draw(whole(1, 6)), "most": draw(st.one_of(st.just(math.inf), whole(6, 20))), "all_stores": all_stores,
        "strata": draw(whole(1, 2)), "cv": draw(st.sampled_from([0.0, 0.5])),
        "region_icc": draw(st.sampled_from([0.0, 0.02, 0.2])) if staged else 0.0,
        "all_regions": draw(st.one_of(st.just(math.inf), whole(2, 8))) if staged else 1,
        "budget": draw(whole(150, 900)),
    }  # fmt: skip


def counted(p) -> list[tuple[float, float, tuple[int, int, int]]]:
    """Margin, cost and numbers of every plan, the best first."""
    bounds = (p["least"], p["most"], p["all_stores"], p["all_regions"])
    known = {name: p[name] for name in ("sd", "icc", "all_stores", "strata", "cv", "region_icc", "all_regions")}
    fixed, per_region, per_store, per_interview = p["costs"]
    found = []
    for r, a, m in every_plan(p["costs"], p["budget"], bounds):
        cost = fixed + r * (per_region + a * (per_store + m * per_interview))
        found.append((margin_of(r, a, m, **known), cost, (r, a, m)))
    return sorted(entry for entry in found if math.isfinite(entry[0]))


def model_of(p) -> StageModel:
    fixed, per_region, per_store, per_interview = p["costs"]
    return StageModel(
        sd=p["sd"], icc=p["icc"], cost_per_store=per_store, cost_per_interview=per_interview, fixed_cost=fixed,
        stores_each=p["all_stores"], strata=p["strata"], cv=p["cv"], minimum=p["least"], maximum=p["most"],
        region_cost=per_region, region_icc=p["region_icc"], regions=p["all_regions"],
    )  # fmt: skip


def holds(p) -> None:
    """The best for a budget, and the cheapest for each of several margins, are those of the count."""
    model, truth = model_of(p), counted(p)
    best = model.best(p["budget"])
    if not truth:
        assert best is None
        return
    assert model.margin(best[:, None])[0] == pytest.approx(truth[0][0], rel=1e-9)
    assert model.cost(best[:, None])[0] <= p["budget"] * (1 + 1e-9)
    for entry in truth[:: max(1, len(truth) // 3)]:
        target = entry[0] * 1.0001
        least = min(cost for margin, cost, _ in truth if margin <= target)
        assert float(model.cost(model.cheapest(target))) == pytest.approx(least, rel=1e-7)


@settings(max_examples=150, deadline=None)
@given(problems(staged=False))
def test_two_stages_find_the_best_of_all_plans(problem):
    holds(problem)


@settings(max_examples=120, deadline=None)
@given(problems(staged=True))
def test_three_stages_find_the_best_of_all_plans(problem):
    holds(problem)


def test_rounding_the_ideal_would_miss_the_best_plan():
    chosen = plan(budget=60_000)
    rounded = round(chosen.ideal_per_store)
    stores = 60_000 // (600 + 40 * rounded)
    assert (rounded, stores) == (17, 46)
    assert chosen.margin < margin_of(1, stores, rounded, sd=1.2, icc=0.05)


# --- numbers by hand, and textbook formulas ----------------------------------------------------------------


def test_requirement_37_five_per_store_and_icc_of_a_tenth_have_a_design_effect_of_1_4():
    chosen = plan(icc=0.1, budget=60_000, maximum_per_store=5)
    assert chosen.best["deff"] == pytest.approx(1.4, abs=1e-12)
    assert design_effect(5, 0.1) == pytest.approx(1.4, abs=1e-12)


def test_fifty_stores_of_twenty_are_not_a_thousand_independent_interviews():
    chosen = plan(budget=50 * (600 + 20 * 40), minimum_per_store=20, maximum_per_store=20)
    row = chosen.best
    assert (row["stores"], row["interviews"], round(row["n_effective"])) == (50, 1000, 513)
    assert row["deff"] == pytest.approx(1.95, abs=1e-12)
    assert chosen.margin == pytest.approx(stats.t.ppf(0.975, 49) * 1.2 * math.sqrt(1.95 / 1000), rel=1e-12)


@pytest.mark.parametrize("icc", [0.01, 0.05, 0.2])
def test_the_ideal_is_that_of_hansen_hurwitz_and_madow_and_near_the_best_in_whole_numbers(icc):
    chosen = plan(icc=icc, budget=4_000_000, minimum_per_store=1)
    assert chosen.ideal_per_store == pytest.approx(math.sqrt(600 / 40 * (1 - icc) / icc), rel=1e-12)
    assert chosen.best["per_store"] == pytest.approx(chosen.ideal_per_store, rel=0.1)


def test_unequal_numbers_per_store_raise_the_design_effect_and_lower_the_ideal():
    even, uneven = (plan(budget=60_000, maximum_per_store=10, minimum_per_store=10, cv=cv) for cv in (0.0, 0.6))
    assert uneven.best["deff"] == pytest.approx(1 + (10 * 1.36 - 1) * 0.05, rel=1e-12)
    assert uneven.best["deff"] == pytest.approx(design_effect(10, 0.05, cv=0.6), rel=1e-12)
    assert uneven.ideal_per_store == pytest.approx(even.ideal_per_store / math.sqrt(1.36), rel=1e-12)
    assert uneven.margin > even.margin


def test_a_simulated_two_stage_sample_has_the_stated_variance():
    rng = np.random.default_rng(20)
    n, m, icc, runs, population = 12, 8, 0.15, 6000, 30
    model = StageModel(sd=1.0, icc=icc, cost_per_store=1, cost_per_interview=1, stores_each=population)
    stores = rng.normal(0, math.sqrt(icc), (runs, population))
    stores -= stores.mean(axis=1, keepdims=True)
    stores /= np.sqrt((stores**2).sum(axis=1, keepdims=True) / (population - 1) / icc)  # S² of these stores is icc
    chosen = stores[:, :n] + rng.normal(0, math.sqrt((1 - icc) / m), (runs, n))
    realised = chosen.mean(axis=1).var()
    stated = model.variance(np.array([[1.0], [n], [m]]))[0]
    assert abs(realised / stated - 1) < 4 * math.sqrt(2 / runs)


def test_the_interval_of_a_planned_study_covers_as_often_as_it_says():
    rng, chosen, runs = np.random.default_rng(7), plan(icc=0.2, budget=9_000), 4000
    n, m = int(chosen.best["stores"]), int(chosen.best["per_store"])
    means = rng.normal(0, 1.2 * math.sqrt(0.2), (runs, n)) + rng.normal(0, 1.2 * math.sqrt(0.8 / m), (runs, n))
    half = stats.t.ppf(0.975, n - 1) * means.std(axis=1, ddof=1) / math.sqrt(n)
    assert abs((np.abs(means.mean(axis=1)) < half).mean() - 0.95) < 4 * math.sqrt(0.95 * 0.05 / runs)
    assert math.sqrt((half**2).mean()) == pytest.approx(chosen.margin, rel=0.02)


def test_visiting_all_stores_leaves_only_the_error_within_them():
    chosen = plan(margin=0.05, stores_in_population=80)
    n, m = int(chosen.best["stores"]), int(chosen.best["per_store"])
    assert n == 80
    assert chosen.best["coverage"] == 1
    assert chosen.margin == pytest.approx(stats.t.ppf(0.975, n * (m - 1)) * 1.2 * math.sqrt(0.95 / (n * m)), rel=1e-12)
    assert "All stores are visited" in chosen.note()
    assert "所有门店都访问" in chosen.in_language("zh").note()


def test_three_stages_with_one_region_are_two():
    two = StageModel(sd=1.2, icc=0.05, cost_per_store=600, cost_per_interview=40)
    three = StageModel(sd=1.2, icc=0.05, cost_per_store=600, cost_per_interview=40, regions=10, region_icc=1e-12)
    plans = np.array([[1.0], [50], [15]])
    assert two.variance(plans)[0] == pytest.approx(three.variance(np.array([[10.0], [5], [15]]))[0], rel=1e-9)


def test_the_ideal_of_three_stages_is_where_the_best_plan_lies_when_money_is_plenty():
    chosen = plan(icc=0.02, budget=6_000_000, regions=Regions(8000, 0.005), minimum_per_store=1)
    customers, stores = chosen.model.ideal()
    assert (customers, stores) == pytest.approx(
        (math.sqrt(15 * 0.975 / 0.02), math.sqrt(8000 / 600 * 0.02 / 0.005)), rel=1e-12
    )
    row = chosen.best
    assert row["per_store"] == pytest.approx(customers, abs=2)
    assert row["stores"] / row["regions"] == pytest.approx(stores, abs=1)


# --- identities --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(problems(staged=False), st.floats(1.0, 3.0))
def test_more_money_never_widens_the_margin_and_the_way_back_costs_no_more(problem, more):
    model = model_of(problem)
    low, high = model.best(problem["budget"]), model.best(problem["budget"] * more)
    if low is None:
        return
    margin = float(model.margin(low[:, None])[0])
    assert float(model.margin(high[:, None])[0]) <= margin * (1 + 1e-12)
    assert float(model.cost(model.cheapest(margin))) <= problem["budget"] * (1 + 1e-8)


def test_every_row_keeps_the_budget_or_the_margin():
    for chosen in (
        plan(budget=75_000, strata=3),
        plan(budget=90_000, fixed_cost=5000, regions=Regions(4000, 0.01, 13)),
    ):
        table = chosen.to_frame()
        assert (table["cost"] <= chosen.budget).all()
        assert table.loc[table["choice"] == "best", "margin"].item() == table["margin"].min()
        assert (table["interviews"] == table["stores"] * table["per_store"]).all()
        assert np.allclose(table["n_effective"] * table["deff"], table["interviews"].astype(float))
    chosen = plan(margin=0.12)
    assert (chosen.to_frame()["margin"] <= 0.12).all()
    assert chosen.cost == chosen.to_frame()["cost"].min()


def test_two_stores_per_stratum_at_least():
    model = StageModel(sd=1, icc=0, cost_per_store=900, cost_per_interview=1, strata=4)
    assert model.df(np.array([[1.0, 1.0], [7, 8], [5, 5]])).tolist() == [0, 4]
    assert model.best(8 * 905)[1] == 8
    assert model.best(8 * 905 - 1) is None


def test_regions_and_customers_alone_are_two_stages_by_another_name():
    chosen = size_for_regions_and_customers(sd=1.2, icc=0.05, cost_per_region=600, cost_per_interview=40, budget=60_000,
                                            minimum_per_region=5)  # fmt: skip
    other = plan(budget=60_000)
    assert chosen.margin == other.margin
    assert chosen.best["regions"] == other.best["stores"]
    assert {"regions", "per_region"} <= set(chosen.frame)
    assert "stores" not in chosen.frame


# --- what it says ------------------------------------------------------------------------------------------


def test_sentences_and_notes_in_both_languages():
    chosen = plan(budget=60_000)
    assert chosen.sentence().startswith(
        "Visit 50 stores and interview 15 customers in each, 750 interviews: cost 60,000"
    )
    assert chosen.sentence("zh").startswith(
        "访问 50 家门店，每店访问 15 位顾客，共 750 份访问：费用 60,000（预算 60,000）"
    )
    assert chosen.in_language("zh").sentence() == chosen.sentence("zh")
    assert "16.9 customers per store would be best" in chosen.note()
    assert "最优为每门店 16.9 位顾客" in chosen.in_language("zh").note()
    assert "← best" in chosen.to_string()
    assert "← 最优" in chosen.in_language("zh").to_string()
    three = plan(budget=200_000, regions=Regions(8000, 0.01, 13, 40))
    assert f"in {three.best['regions']} regions" in three.sentence()
    assert f"选 {three.best['regions']} 个片区" in three.sentence("zh")
    region = size_for_regions_and_customers(sd=1, icc=0.1, cost_per_region=50, cost_per_interview=1, margin=0.2)
    assert region.sentence().startswith("Choose ")
    assert region.sentence("zh").startswith("选 ")
    assert "片区数" in region.in_language("zh").to_string()


def test_a_floor_that_decides_is_named():
    chosen = plan(icc=0.4, budget=60_000)
    assert chosen.ideal_per_store < 5 == chosen.best["per_store"]
    assert "The floor of 5 per store decides." in chosen.note()
    assert "每门店至少 5 人的下限起了作用。" in chosen.in_language("zh").note()
    capped = plan(icc=0.005, budget=60_000, maximum_per_store=8)
    assert "The ceiling of 8 per store decides." in capped.note()


def test_an_alternative_that_does_not_exist_stays_with_its_reason():
    chosen = plan(margin=0.05, stores_in_population=80)
    missing = chosen.frame[chosen.frame["reason"] == "margin"]
    assert len(missing)
    assert missing["margin"].isna().all()
    assert "the margin is out of reach" in chosen.to_string()
    assert "无论访问多少人都达不到该误差" in chosen.in_language("zh").to_string()
    poor = plan(budget=2 * (600 + 40 * 10))
    assert set(poor.frame.loc[poor.frame["per_store"] > 10, "reason"]) == {"budget"}
    assert "预算不足" in poor.in_language("zh").to_string()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_marks_the_plan_on_its_curve(language):
    chosen = plan(budget=60_000).in_language(language)
    ax = draw_stages(chosen, new_axes())
    lines = {line.get_label(): line.get_xydata() for line in ax.get_lines()}
    assert lines["chosen"].tolist() == [[chosen.cost, chosen.margin]]
    costs, margins = lines["best"].T
    assert (np.diff(costs) > 0).all()
    assert (np.diff(margins) < 0).all()
    assert np.interp(chosen.cost, costs, margins) == pytest.approx(chosen.margin, rel=0.01)
    held = [label for label in lines if label not in ("best", "chosen")]
    assert (
        held
        == {"en": ["5 customers per store", "50 customers per store"], "zh": ["每店 5 位顾客", "每店 50 位顾客"]}[
            language
        ]
    )
    for label in held:
        inside = lines[label][(lines[label][:, 0] >= costs[0]) & (lines[label][:, 0] <= costs[-1])]
        assert (inside[:, 1] >= np.interp(inside[:, 0], costs, margins) * 0.995).all()
    assert chosen.title() == ax.get_title(loc="left").replace("\n", " ")
    assert "<svg" in save_svg(ax)


def test_the_picture_of_three_stages_holds_regions():
    chosen = plan(budget=200_000, regions=Regions(8000, 0.01, 13, 40))
    labels = [line.get_label() for line in chosen.plot(new_axes()).get_lines()]
    shown = chosen.frame.loc[(chosen.frame["choice"] == "") & (chosen.frame["reason"] == ""), "regions"]
    assert labels == ["best", f"{shown.min()} regions", f"{shown.max()} regions", "chosen"]


def test_a_single_possible_plan_can_be_drawn():
    chosen = plan(budget=5000, stores_in_population=2, maximum_per_store=5)
    assert len(chosen.frame) == 1
    lines = {line.get_label(): line.get_xydata().tolist() for line in chosen.plot(new_axes()).get_lines()}
    assert lines["best"] == lines["chosen"] == [[1600.0, chosen.margin]]


def test_the_result_leaves_its_table_alone():
    chosen = plan(budget=60_000)
    before = chosen.to_frame()
    table = chosen.to_frame()
    table.loc[:, "cost"] = 0.0
    chosen.plot(new_axes())
    pd.testing.assert_frame_equal(chosen.to_frame(), before)


# --- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"sd": 0}, "sd=0 must be a number above 0"),
        ({"sd": float("nan")}, "sd=nan must be"),
        ({"icc": 1.2}, "icc=1.2 must be a number at least 0 and below 1"),
        ({"icc": -0.1}, "icc=-0.1"),
        ({"cost_per_interview": 0}, "cost_per_interview=0 must be a number above 0"),
        ({"cost_per_store": -5}, "cost_per_store=-5 must be a number at least 0"),
        ({"strata": 0}, "strata=0 must be a whole number at least 1"),
        ({"strata": 1.5}, "strata=1.5 must be a whole number"),
        ({"level": 95}, "level=95 must be a number above 0 and below 1"),
        ({"minimum_per_store": 9, "maximum_per_store": 5}, "minimum of 9 customers in each is above the maximum of 5"),
        ({"margin": 0.1}, "either budget or margin"),
        ({"budget": None}, "either budget or margin"),
        ({"budget": None, "margin": 0}, "margin=0 must be a number above 0"),
        ({"fixed_cost": 60_000}, "used up by fixed_cost=60000"),
        ({"budget": 1000}, "does not pay for the smallest plan, which costs 1,600"),
        ({"budget": None, "margin": 0.01, "stores_in_population": 20, "maximum_per_store": 30}, "margin=0.01 is out of reach"),
        ({"stores_in_population": 1, "maximum_per_store": 1, "minimum_per_store": 1}, "degrees of freedom"),
        ({"stores_in_population": 9, "regions": Regions(1, 0.1)}, "stores_each"),
        ({"icc": 0.6, "regions": Regions(1, 0.5)}, "shares of one variance"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_named(asked, words):
    with pytest.raises(SpecError) as caught:
        plan(**({"budget": 60_000} | asked))
    assert words in str(caught.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(SpecError, match=r"sd=-1.*icc=2.*strata=0"):
        plan(sd=-1, icc=2, strata=0, budget=1)
    with pytest.raises(SpecError, match="stores_each=0 must be a whole number"):
        Regions(1, 0.1, stores_each=0)
    with pytest.raises(SpecError, match=r"Regions: cost=-1.*icc=7.*in_population=1"):
        Regions(-1, 7, 1)


def test_the_smallest_plan_that_is_offered_can_be_paid():
    for further in ({"strata": 3}, {"regions": Regions(5000, 0.01, 13)}, {"regions": Regions(5000, 0.01, 3)},
                  {"stores_in_population": 2}):  # fmt: skip
        with pytest.raises(SpecError) as caught:
            plan(budget=500, **further)
        least = float(str(caught.value).split("which costs ")[1].split(" ")[0].replace(",", ""))
        assert plan(budget=least, **further).cost == least
        with pytest.raises(SpecError):
            plan(budget=least - 1, **further)


def test_units_that_do_not_fit_are_noticed():
    with pytest.raises(SpecError, match="plans would have to be compared"):
        plan(cost_per_interview=1e-9, cost_per_store=1e-9, budget=1e9)
