"""Shares of a sample against published allocations, all whole numbers of small cases, another solver, and identities.

Authorities: Wright (2017), his example with mixed bounds; the apportionment of the House of Representatives after the
census of 2020 (United States Census Bureau, apportionment table 1: the method of equal proportions); the sample of
counties in Lohr's book; scipy's SLSQP for several variables at once. Identities: sums, bounds, order, units.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm

from survey_design.errors import DataError, SpecError
from survey_design.plots.sheet import new_axes
from survey_design.results import Variable
from survey_design.sampling import SampleDesign
from survey_design.sampling.allocation import (
    Target,
    allocate,
    allocate_for_margins,
    mean_variance,
    priority_allocation,
    weighting_deff,
)
from survey_design.sampling.selection import draw

# Apportionment population and seats by state, census of 2020; the populations add up to the published 331,108,434.
HOUSE = """
CA 39576757 52 TX 29183290 38 FL 21570527 28 NY 20215751 26 PA 13011844 17 IL 12822739 17 OH 11808848 15 GA 10725274 14
NC 10453948 14 MI 10084442 13 NJ 9294493 12 VA 8654542 11 WA 7715946 10 AZ 7158923 9 MA 7033469 9 TN 6916897 9
IN 6790280 9 MD 6185278 8 MO 6160281 8 WI 5897473 8 CO 5782171 8 MN 5709752 8 SC 5124712 7 AL 5030053 7 LA 4661468 6
KY 4509342 6 OR 4241500 6 OK 3963516 5 CT 3608298 5 UT 3275252 4 IA 3192406 4 NV 3108462 4 AR 3013756 4 MS 2963914 4
KS 2940865 4 NM 2120220 3 NE 1963333 3 ID 1841377 2 WV 1795045 2 HI 1460137 2 NH 1379089 2 ME 1363582 2 RI 1098163 2
MT 1085407 2 DE 990837 1 SD 887770 1 ND 779702 1 AK 736081 1 VT 643503 1 WY 577719 1
"""

TIERS = pd.DataFrame({
    "tier": ["flagship", "street", "hypermarket", "kiosk"], "size": [4000, 12000, 2500, 300], "sd": [1.4, 1.1, 1.2, 0.9],
    "cost": [20.0, 30.0, 25.0, 40.0], "region": ["city", "city", "county", "county"],
    "gap_sd": [1.4, 1.1, 1.2, 0.9], "gap_mean": [5.0, 4.0, 4.0, 3.0], "returns_sd": [0.5, 0.4, 0.45, 0.5],
})  # fmt: skip


def house() -> pd.DataFrame:
    cells = HOUSE.split()
    frame = pd.DataFrame({"stratum": cells[0::3], "size": map(int, cells[1::3]), "seats": map(int, cells[2::3])})
    assert (len(frame), frame["size"].sum(), frame["seats"].sum()) == (50, 331_108_434, 435)
    return frame


def cases(error: DataError) -> set[tuple[str, str]]:
    return set(zip(error.cases["stratum"], error.cases["problem"], strict=True))


# --- outside authorities -----------------------------------------------------------------------------------


def test_wrights_example_with_bounds():
    strata = pd.DataFrame(
        {"stratum": [1, 2, 3], "size": [47, 61, 41], "sd": [10.0, 6.0, 4.0], "a": [1, 2, 3], "b": [5, 6, 4]}
    )
    plan = allocate(strata, 10, method="neyman", minimum="a", maximum="b")
    assert plan.frame["n"].tolist() == [4, 3, 3]
    assert plan.se**2 * 149**2 == pytest.approx(101290.3333, abs=1e-4)
    assert plan.frame["bound"].tolist() == ["", "", "minimum"]


def test_the_house_of_representatives_is_an_allocation_in_proportion_to_size():
    states = house()
    assert allocate(states, 435, minimum=1).frame["n"].tolist() == states["seats"].tolist()
    missed = states.assign(size=states["size"] + 88 * (states["stratum"] == "NY"))
    assert allocate(missed, 435, minimum=1).to_dict() == allocate(states, 435, minimum=1).to_dict()
    enough = states.assign(size=states["size"] + 89 * (states["stratum"] == "NY"))  # as the Bureau told New York
    seats = allocate(enough, 435, minimum=1).to_dict()
    assert (seats["NY"], seats["MN"]) == (27, 7)


def test_lohrs_counties_are_shared_out_in_proportion(shared):
    population = shared.frame("lohr_agpop.csv").groupby("region").size()
    drawn = shared.frame("lohr_agstrat.csv").groupby("region").size()
    strata = pd.DataFrame({"region": population.index, "size": population.to_numpy()})
    assert allocate(strata, 300, by="region").to_dict() == drawn.to_dict()


@pytest.mark.parametrize("names", [["gap"], ["gap", "returns"]])
def test_several_variables_against_slsqp(names):
    rng = np.random.default_rng(3)
    size, price = rng.integers(500, 5000, 6), rng.uniform(10, 40, 6)
    strata = pd.DataFrame({"stratum": list("abcdef"), "size": size, "cost": price, "group": list("xxxyyy"),
                           "gap_sd": rng.uniform(0.5, 2, 6), "returns_sd": rng.uniform(0.2, 0.5, 6)})  # fmt: skip
    wanted = {"gap": Target("gap", margin=0.12), "returns": Target("returns", margin=0.06, by="group")}
    plan = allocate_for_margins(strata, [wanted[name] for name in names])
    z = norm.ppf(0.975)

    def spare(n):
        found = [(0.12 / z) ** 2 - mean_variance(size, strata["gap_sd"].to_numpy(), n, True)]
        if "returns" in names:
            found += [(0.06 / z) ** 2 - mean_variance(size[k], strata["returns_sd"].to_numpy()[k], n[k], True)
                      for k in (slice(0, 3), slice(3, 6))]  # fmt: skip
        return np.array(found) * 1e4

    solved = minimize(lambda n: price @ n / 1e3, np.full(6, 400.0), method="SLSQP", bounds=[(2, N) for N in size],
                      constraints={"type": "ineq", "fun": spare}, options={"ftol": 1e-13, "maxiter": 500})  # fmt: skip
    assert solved.success
    assert plan.frame["ideal"].to_numpy() == pytest.approx(solved.x, rel=1e-4)
    assert plan.least == pytest.approx(1e3 * solved.fun, rel=1e-7)
    assert (spare(plan.frame["n"].to_numpy()) >= -1e-9).all()


def test_one_variable_has_cochrans_closed_form():
    """n = (sum W S)² / (V + sum W S² / N), Cochran (1977), eq. 5.28, and Neyman's shares of it."""
    strata = pd.DataFrame({"stratum": list("abc"), "size": [4000, 12000, 2500], "y_sd": [1.4, 1.1, 1.2]})
    plan = allocate_for_margins(strata, Target("y", margin=0.1))
    size, sd = strata["size"].to_numpy(float), strata["y_sd"].to_numpy()
    W, V = size / size.sum(), (0.1 / norm.ppf(0.975)) ** 2
    n = (W @ sd) ** 2 / (V + (W @ sd**2) / size.sum())
    assert plan.frame["ideal"].to_numpy() == pytest.approx(n * W * sd / (W @ sd), rel=1e-8)
    assert plan.met["pressure"].tolist() == pytest.approx([2 * V / (V + (W @ sd**2) / size.sum())], rel=1e-7)


# --- all whole numbers -------------------------------------------------------------------------------------

strata_of = st.integers(2, 4).flatmap(
    lambda k: st.tuples(
        st.lists(st.integers(1, 60), min_size=k, max_size=k),
        st.lists(st.floats(0.1, 5), min_size=k, max_size=k),
        st.lists(st.floats(1, 50), min_size=k, max_size=k),
    )
)


@settings(deadline=None, max_examples=60)
@given(strata_of, st.sampled_from(["proportional", "equal", "neyman", "cost", "power"]), st.integers(0, 3), st.data())
def test_no_other_whole_numbers_do_better(drawn, method, minimum, data):
    size, sd, cost = (np.array(values, dtype=float) for values in drawn)
    k, maximum = len(size), data.draw(st.none() | st.integers(3, 8))
    low, high = np.minimum(minimum, size), np.minimum(size, maximum or np.inf)
    n = data.draw(st.integers(max(int(low.sum()), k), 14))
    assume(n <= high.sum())
    strata = pd.DataFrame({"stratum": range(k), "size": size, "sd": sd, "cost": cost})
    plan = allocate(strata, n, method=method, minimum=minimum, maximum=maximum)
    rule = {
        "proportional": size,
        "equal": size**0,
        "neyman": size * sd,
        "cost": size * sd / np.sqrt(cost),
        "power": size**0.5,
    }
    every = np.array([counts for counts in product(range(1, 15), repeat=k) if sum(counts) == n])
    inside = every[((every >= low) & (every <= high)).all(axis=1)]
    best = (rule[method] ** 2 / inside).sum(axis=1).min()
    counts = plan.frame["n"].to_numpy()
    assert ((counts >= low) & (counts <= high)).all()
    assert (rule[method] ** 2 / counts).sum() == pytest.approx(best, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(strata_of, st.floats(0.15, 1.5), st.floats(0.15, 1.5))
def test_the_cheapest_sample_is_as_near_the_least_cost_as_it_says(drawn, first, second):
    size, sd, cost = (np.array(values, dtype=float)[:3] for values in drawn)
    size = np.minimum(size, 12)
    strata = pd.DataFrame({"stratum": range(len(size)), "size": size, "cost": cost, "a_sd": sd, "b_sd": sd[::-1]})
    plan = allocate_for_margins(strata, [Target("a", margin=first), Target("b", margin=second)])
    z = norm.ppf(0.975)
    every = np.array(list(product(*(range(int(min(2, N)), int(N) + 1) for N in size))))
    kept = [n for n in every if z**2 * mean_variance(size, sd, n, True) <= first**2 * (1 + 1e-9)
            and z**2 * mean_variance(size, sd[::-1], n, True) <= second**2 * (1 + 1e-9)]  # fmt: skip
    cheapest = min(cost @ n for n in kept)
    counts = plan.frame["n"].to_numpy()
    assert any((counts == n).all() for n in kept)
    assert plan.least <= cheapest * (1 + 1e-9)
    assert cheapest <= plan.cost * (1 + 1e-12) <= cheapest + cost.max() + 1e-9
    for k in range(len(size)):  # nobody can be spared
        fewer = counts - np.eye(len(size), dtype=int)[k]
        assert not any((fewer == n).all() for n in kept)


# --- what holds for any strata -----------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(1, 500_000), st.floats(0.01, 100)), min_size=1, max_size=30),
    st.integers(1, 5000),
    st.integers(0, 12),
    st.none() | st.integers(1, 400),
    st.booleans(),
)
def test_it_adds_up_within_bounds_or_says_which_bounds_conflict(rows, n, minimum, maximum, capped):
    size, sd = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    strata = pd.DataFrame({"stratum": range(len(size)), "size": size, "sd": sd})
    cap = size if capped else np.full(len(size), np.inf)
    low, high = np.minimum(minimum, cap), np.minimum(cap, np.inf if maximum is None else maximum)
    options = {"method": "neyman", "minimum": minimum, "maximum": maximum, "capped": capped}
    if (low > high).any() or low.sum() > n or high.sum() < n:
        with pytest.raises(DataError) as caught:
            allocate(strata, n, **options)
        assert len(caught.value.cases) > 0
        assert set(caught.value.cases["stratum"]) <= set(map(str, range(len(size))))
        return
    plan = allocate(strata, n, **options)
    counts = plan.frame["n"]
    assert counts.sum() == n
    assert ((counts >= low) & (counts <= high)).all()
    assert (plan.frame["weight"] * counts).sum() == pytest.approx(size[counts > 0].sum(), rel=1e-12)
    assert plan.deff >= 1 - 1e-12


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=12, unique=True), st.randoms(), st.floats(1e-6, 1e6))
def test_order_and_units_change_nothing(sizes, random, unit):
    strata = pd.DataFrame({"stratum": range(len(sizes)), "size": sizes, "sd": np.exp(np.sin(sizes))})
    shuffled = strata.sample(frac=1, random_state=random.randrange(1000))
    plain = allocate(strata, 300, method="neyman", capped=False)
    assert allocate(shuffled, 300, method="neyman", capped=False).to_dict() == plain.to_dict()
    scaled = strata.assign(sd=strata["sd"] * unit)
    assert allocate(scaled, 300, method="neyman", capped=False).to_dict() == plain.to_dict()


def test_of_equal_strata_the_first_gets_the_odd_one():
    strata = pd.DataFrame({"stratum": list("dacb"), "size": [1000] * 4})
    assert allocate(strata, 42).to_dict() == {"d": 11, "a": 11, "c": 10, "b": 10}
    assert allocate(strata, 2, minimum=0).to_dict() == {"d": 1, "a": 1, "c": 0, "b": 0}


@pytest.mark.parametrize("n", [500, 20_000, 3_000_000])
def test_interviews_are_where_the_priorities_are(n):
    """Found by bisection, but nobody has a better claim to an interview than the one who has it."""
    rng = np.random.default_rng(n)
    share, low = rng.lognormal(0, 2, 40), rng.integers(0, 9, 40)
    counts = priority_allocation(share, n, low, np.full(40, n // 5))
    with np.errstate(divide="ignore"):
        last = share / np.sqrt(counts * (counts - 1.0))
    following = share / np.sqrt(counts * (counts + 1.0))
    movable, room = counts > np.maximum(low, 1), counts < n // 5
    assert counts.sum() == n
    assert last[movable].min() >= following[room].max() * (1 - 1e-12)


def test_power_lies_between_equal_and_proportional():
    sizes = [allocate(TIERS, 400, by="tier", method="power", power=power).frame["n"].tolist() for power in (0, 0.5, 1)]
    assert sizes[0] == allocate(TIERS, 400, by="tier", method="equal").frame["n"].tolist()
    assert sizes[2] == allocate(TIERS, 400, by="tier").frame["n"].tolist()
    assert sizes[0][1] < sizes[1][1] < sizes[2][1]


def test_bankiers_power_of_one_is_neyman():
    """With total X = N mean and cv = sd / mean, X cv = N sd."""
    mean = np.array([5.0, 4.0, 3.0, 6.0])
    strata = TIERS.assign(total=TIERS["size"] * mean, cv=TIERS["sd"] / mean)
    plan = allocate(strata, 400, by="tier", method="power", power=1)
    assert plan.rule == "bankier"
    assert "Bankier" in plan.note()
    assert plan.to_dict() == allocate(TIERS, 400, by="tier", method="neyman").to_dict()
    fraction = plan.frame["n"] / TIERS["size"]
    assert plan.frame["cv"].to_numpy() == pytest.approx(
        (strata["cv"] * np.sqrt((1 - fraction) / plan.frame["n"])).to_numpy(), rel=1e-12
    )


def test_a_stratum_over_its_size_leaves_the_rest_to_the_others():
    strata = pd.DataFrame({"stratum": list("abc"), "size": [20, 2000, 2000], "sd": [500.0, 1.0, 1.0]})
    plan = allocate(strata, 300, method="neyman")
    assert plan.to_dict() == {"a": 20, "b": 140, "c": 140}
    assert plan.frame["bound"].tolist() == ["size", "", ""]
    assert plan.frame["se"].tolist()[0] == 0
    assert plan.frame["fraction"].tolist()[0] == 1
    assert "Everyone is taken: a" in plan.note()


def test_errors_and_design_effects_are_those_of_the_textbook():
    plan = allocate(TIERS, 400, by="tier", method="equal")
    W, sd = TIERS["size"] / TIERS["size"].sum(), TIERS["sd"]
    by_hand = np.sqrt(sum(W[k] ** 2 * sd[k] ** 2 / 100 * (1 - 100 / TIERS["size"][k]) for k in range(4)))
    assert plan.se == pytest.approx(by_hand, rel=1e-12)
    weights = np.repeat(plan.frame["weight"], plan.frame["n"])  # one per interview
    assert plan.deff == pytest.approx(400 * (weights**2).sum() / weights.sum() ** 2, rel=1e-12)
    assert weighting_deff(np.array([3.0, 1.0]), np.array([30.0, 10.0])) == pytest.approx(1)
    assert plan.cost == pytest.approx(100 * TIERS["cost"].sum())
    best = allocate(TIERS, 400, by="tier", method="neyman")
    assert best.gain < 1 < plan.gain
    assert best.se < allocate(TIERS, 400, by="tier").se


def test_a_census_has_no_error():
    strata = pd.DataFrame({"stratum": list("ab"), "size": [30, 20], "sd": [1.0, 2.0]})
    plan = allocate(strata, 50)
    assert plan.se == 0
    assert np.isnan(plan.gain)
    assert plan.deff == 1


def test_quotas_by_traffic_with_at_least_five_per_store():
    """At least five interviews in every store, the rest with the traffic (requirements, section 3, item 5)."""
    stores = pd.DataFrame({"store": list("abcd"), "traffic": [2.5, 40.0, 60.0, 3.0]})  # thousands, no number of people
    plan = allocate(stores, 110, by="store", size="traffic", capped=False)
    assert plan.to_dict() == {"a": 5, "b": 40, "c": 60, "d": 5}
    assert "fraction" not in plan.frame
    assert "raised to the minimum: a, d" in plan.note().lower()
    with pytest.raises(DataError, match="the minima take 20 interviews, more than n = 19"):
        allocate(stores, 19, by="store", size="traffic", capped=False)


def test_a_stratum_with_nobody_says_so():
    strata = pd.DataFrame({"stratum": list("abc"), "size": [10, 1000, 90], "sd": [1.0, 1.0, 1.0]})
    plan = allocate(strata, 2, minimum=0)
    assert plan.to_dict() == {"a": 0, "b": 1, "c": 1}
    assert plan.frame["reason"].tolist() == ["nobody is asked in this stratum", "", ""]
    assert np.isnan(plan.se)
    assert np.isnan(plan.frame["weight"][0])
    assert "no error of the overall mean" in plan.note().lower()
    assert "该层不抽取" in plan.in_language("zh").to_string()
    assert "总均值无预期标准误" in plan.in_language("zh").note()


def test_two_columns_name_a_stratum():
    strata = pd.DataFrame({"store": ["A", "A", "B"], "hour": [9, 10, 9], "size": [100, 200, 300]})
    assert allocate(strata, 60, by=["store", "hour"]).to_dict() == {("A", 9): 10, ("A", 10): 20, ("B", 9): 30}


def test_the_numbers_go_straight_to_the_draw():
    """Counts per stratum and weights of the drawn sample are those of the plan."""
    people = pd.DataFrame({"tier": np.repeat(["kiosk", "street"], [40, 160])})
    sizes = people["tier"].value_counts().rename_axis("tier").reset_index(name="size")
    plan = allocate(sizes, 50, by="tier", minimum=20)
    sample = draw(people, SampleDesign(strata="tier"), plan.to_dict(), seed=1).to_frame()
    assert sample["tier"].value_counts().to_dict() == plan.to_dict() == {"street": 30, "kiosk": 20}
    weights = plan.frame.set_index("tier")["weight"]
    assert sample["weight"].to_numpy() == pytest.approx(weights.loc[sample["tier"]].to_numpy(), rel=1e-12)


def test_the_allocation_itself_goes_to_the_draw():
    people = pd.DataFrame({"tier": np.repeat(["kiosk", "street"], [40, 160]), "area": "a"})
    sizes = people["tier"].value_counts().rename_axis("tier").reset_index(name="size")
    plan, tiers = allocate(sizes, 50, by="tier", minimum=20), SampleDesign(strata="tier")
    sample = draw(people, tiers, plan, seed=1)
    assert sample.frame.index.tolist() == draw(people, tiers, plan.to_dict(), seed=1).frame.index.tolist()
    assert draw(people, tiers, plan.to_frame(), seed=1).frame.index.tolist() == sample.frame.index.tolist()
    with pytest.raises(SpecError, match="the allocation is by 'tier', the design draws in strata of 'area'"):
        draw(people, SampleDesign(strata="area"), plan, seed=1)
    with pytest.raises(SpecError, match="n names strata, but the design has none"):
        draw(people, SampleDesign(), plan, seed=1)


def test_labels_are_shown_and_the_codes_kept():
    named = {"tier": Variable({"en": "kind of store", "zh": "门店类型"}, {"kiosk": {"en": "Kiosk", "zh": "售货亭"}})}
    plan = allocate(TIERS, 400, by="tier", minimum=30).with_labels(named)
    zh = plan.in_language("zh")
    assert "售货亭" in zh.shown()["门店类型"].tolist()
    assert "提高至下限：售货亭" in zh.note()
    assert zh.sentence().endswith(f"每个门店类型 30 至 {plan.frame['n'].max()} 个。")
    assert plan.sentence().endswith(" per kind of store.")
    assert "售货亭" in [label.get_text() for label in zh.plot(new_axes(6.5)).get_yticklabels()]
    assert "kiosk" in zh.frame["tier"].tolist()
    margins = allocate_for_margins(TIERS, Target("gap", margin=0.2, by="tier"), by="tier").with_labels(named).margins()
    assert "售货亭" in margins.in_language("zh").to_string()


def test_strata_are_called_by_their_column():
    stores = pd.DataFrame({"store": list("ab"), "size": [10, 30]})
    assert allocate(stores, 20, by="store").sentence().endswith("from 5 to 15 per store.")
    assert allocate(stores, 20, by="store").in_language("zh").sentence().endswith("每个 store 5 至 15 个。")
    unnamed = allocate(stores.rename(columns={"store": "stratum"}), 20)
    assert unnamed.sentence().endswith("per stratum.")
    assert unnamed.in_language("zh").sentence().endswith("每层 5 至 15 个。")


def test_without_prices_the_least_is_a_number_of_interviews():
    tiers = TIERS.drop(columns="cost", errors="ignore")
    plan = allocate_for_margins(tiers, Target("gap", margin=0.2), by="tier")
    assert f"{plan.n} interviews, at most" in plan.note()
    assert "cost" not in plan.note().lower()
    assert f"{plan.n} 个样本，至多比理论最小值高" in plan.in_language("zh").note()
    assert "费用合计" not in plan.in_language("zh").note()
    priced = allocate_for_margins(tiers.assign(cost=2.0), Target("gap", margin=0.2), by="tier")
    assert f"Cost {priced.cost:,.0f}, at most" in priced.note()


def test_the_strata_are_left_alone():
    before = TIERS.copy(deep=True)
    allocate(TIERS, 400, by="tier", method="cost")
    allocate_for_margins(TIERS, Target("gap", margin=0.2), by="tier")
    pd.testing.assert_frame_equal(TIERS, before)


# --- several variables -------------------------------------------------------------------------------------


def test_kuhn_and_tucker_hold():
    wanted = [Target("gap", cv=0.02), Target("returns", margin=0.1, by="tier"), Target("gap", margin=0.3, by="region")]
    plan = allocate_for_margins(TIERS, wanted, by="tier", maximum=900)
    n, price, size = plan.frame["ideal"].to_numpy(), TIERS["cost"].to_numpy(), TIERS["size"].to_numpy(float)
    pull = plan.met["pressure"].to_numpy() * plan.least / 2  # d cost / d limit, in units of the limit
    z = norm.ppf(0.975)
    slope, slack = np.zeros(4), []
    for row, weight in zip(plan.met.to_dict("records"), pull, strict=True):
        inside = np.ones(4, dtype=bool) if row["by"] == "" else (TIERS[row["by"]] == row["domain"]).to_numpy()
        part = np.where(inside, size / size[inside].sum(), 0.0)
        sd = TIERS[f"{row['variable']}_sd"].to_numpy()
        mean = part @ TIERS["gap_mean"].to_numpy()
        allowed = (row["wanted"] * mean) ** 2 if row["kind"] == "cv" else (row["wanted"] / z) ** 2
        slope += weight * part**2 * sd**2 / allowed / n**2
        slack.append(1 - (part**2 * sd**2 * (1 / n - 1 / size)).sum() / allowed)
    free = (n > 2) & (n < np.minimum(size, 900))
    assert free.sum() >= 3
    assert slope[free] == pytest.approx(price[free], rel=1e-7)  # stationary
    assert min(slack) >= -1e-8
    assert (pull >= 0).all()
    assert np.abs(pull * slack).max() / plan.least < 1e-7  # complementary
    assert (pull / plan.least > 1e-3).sum() >= 3  # and several limits matter


def test_margins_expected_are_those_of_the_numbers():
    plan = allocate_for_margins(
        TIERS, [Target("gap", cv=0.03), Target("returns", margin=0.08, by="tier")], by="tier", level=0.9
    )
    table = plan.margins().to_frame()
    assert (table["expected"] <= table["wanted"] * (1 + 1e-9)).all()
    n, size, sd = plan.frame["n"].to_numpy(), TIERS["size"].to_numpy(float), TIERS["gap_sd"].to_numpy()
    mean = size @ TIERS["gap_mean"] / size.sum()
    assert table["expected"][0] == pytest.approx(np.sqrt(mean_variance(size, sd, n, True)) / mean, rel=1e-9)
    kiosk = table.set_index("domain").loc["kiosk"]
    assert kiosk["expected"] == pytest.approx(norm.ppf(0.95) * 0.5 * np.sqrt(1 / n[3] - 1 / 300), rel=1e-9)
    assert kiosk["n"] == n[3]


def test_pressure_is_what_a_wider_margin_saves():
    wanted = [Target("gap", margin=0.1), Target("returns", margin=0.1, by="tier")]
    least = allocate_for_margins(TIERS, wanted, by="tier").least
    wider = allocate_for_margins(TIERS, [Target("gap", margin=0.1001), wanted[1]], by="tier").least
    pressure = allocate_for_margins(TIERS, wanted, by="tier").met["pressure"][0]
    assert 1000 * (least - wider) / least == pytest.approx(pressure, rel=0.01)


def test_margins_out_of_reach_are_named_with_the_best_there_is():
    with pytest.raises(DataError, match=r"returns \(kiosk\): margin 0.05, at best 0.0938") as caught:
        allocate_for_margins(TIERS, Target("returns", margin=0.05, by="tier"), by="tier", maximum=80)
    assert set(caught.value.cases["domain"]) == {"flagship", "street", "hypermarket", "kiosk"}
    whole = allocate_for_margins(TIERS, Target("returns", margin=1e-6), by="tier")
    assert whole.frame["n"].tolist() == TIERS["size"].tolist()  # a census reaches every margin


# --- what can't be used ------------------------------------------------------------------------------------


def test_all_cells_that_cannot_be_used_are_named_at_once():
    strata = pd.DataFrame({
        "stratum": ["a", "b", "b", "c", None, "e", "f"], "size": [100, 0, 50, np.nan, 10, -3, 70], "sd": [0, 1, -1, 1, 1, 1, np.inf],
    })  # fmt: skip
    with pytest.raises(DataError, match="Correct these cells") as caught:
        allocate(strata, 50, method="neyman")
    assert cases(caught.value) == {
        ("a", "zero"), ("b", "named twice"), ("b", "no units"), ("b", "negative"), ("c", "missing"), ("nan", "no name"),
        ("e", "negative"), ("f", "not a number"),
    }  # fmt: skip
    assert caught.value.cases.query("problem == 'no units'")["row"].tolist() == [3]  # as a spreadsheet counts
    assert caught.value.cases.query("problem == 'zero'")["column"].tolist() == ["sd"]


def test_text_among_the_numbers_is_named():
    with pytest.raises(DataError, match=r"size of 'b'.*not a number"):
        allocate(pd.DataFrame({"stratum": ["a", "b"], "size": [10, "many"]}), 10)


def test_bounds_in_conflict_name_the_strata():
    strata = pd.DataFrame({"stratum": list("ab"), "size": [40, 60], "least": [30, 2], "most": [10, 50]})
    with pytest.raises(DataError, match="the minima take 10 interviews, more than n = 8") as caught:
        allocate(strata, 8)
    assert caught.value.cases[["stratum", "value", "problem"]].to_numpy().tolist() == [
        ["a", 5, "minimum"],
        ["b", 5, "minimum"],
    ]
    with pytest.raises(DataError, match="can give 100 interviews, fewer than n = 101"):
        allocate(strata, 101)
    with pytest.raises(DataError, match="can give 60 interviews"):
        allocate(strata, 61, maximum=30)
    with pytest.raises(DataError, match=r"minimum of 'a'.*above the maximum of 10") as caught:
        allocate(strata, 50, minimum="least", maximum="most")
    assert caught.value.cases["stratum"].tolist() == ["a"]
    with pytest.raises(DataError, match="not a whole number"):
        allocate(strata.assign(least=[1.5, 2]), 50, minimum="least")


@pytest.mark.parametrize("n", [0, -5, 10.5, "many", True, None])
def test_n_is_a_whole_number(n):
    with pytest.raises(SpecError, match="must be a whole number of at least 1"):
        allocate(TIERS, n, by="tier")


def test_words_that_are_not_known_and_columns_that_are_not_there():
    with pytest.raises(SpecError, match="Did you mean 'neyman'"):
        allocate(TIERS, 100, by="tier", method="neymann")
    with pytest.raises(DataError, match="has no column 'sd'"):
        allocate(TIERS.drop(columns="sd"), 100, by="tier", method="neyman")
    with pytest.raises(DataError, match="has no column 'spread'"):
        allocate(TIERS, 100, by="tier", sd="spread")
    with pytest.raises(SpecError, match="power=2 must lie between"):
        allocate(TIERS, 100, by="tier", method="power", power=2)
    with pytest.raises(DataError, match="no rows"):
        allocate(TIERS.iloc[:0], 100, by="tier")
    with pytest.raises(SpecError, match="n: the table of strata has a column of that name"):
        allocate(TIERS.rename(columns={"tier": "n"}), 100, by="n")


def test_targets_that_cannot_be_kept_are_refused():
    with pytest.raises(SpecError, match="give either margin or cv"):
        Target("gap")
    with pytest.raises(SpecError, match="give either margin or cv"):
        Target("gap", margin=1, cv=1)
    with pytest.raises(SpecError, match="cv=-1 must be a number above 0"):
        Target("gap", cv=-1)
    with pytest.raises(SpecError, match="targets is empty"):
        allocate_for_margins(TIERS, [], by="tier")
    with pytest.raises(DataError, match="has no column 'calm_sd'"):
        allocate_for_margins(TIERS, Target("calm", margin=1), by="tier")
    with pytest.raises(DataError, match=r"gap_sd of 'street'.*negative"):
        allocate_for_margins(TIERS.assign(gap_sd=[1, -1, 1, 1]), Target("gap", margin=1), by="tier")
    with pytest.raises(DataError, match="no spread at all") as caught:
        allocate_for_margins(TIERS.assign(gap_sd=[1, 1, 0, 0]), Target("gap", margin=0.1, by="region"), by="tier")
    assert caught.value.cases["stratum"].tolist() == ["county"]
    with pytest.raises(DataError, match="mean is 0"):
        allocate_for_margins(TIERS.assign(gap_mean=0), Target("gap", cv=0.1), by="tier")


# --- words and pictures ------------------------------------------------------------------------------------


def test_both_languages_say_the_same():
    plan = allocate(TIERS, 400, by="tier", method="neyman", minimum=30, maximum=220)
    assert plan.title() == "400 interviews over 4 strata"
    assert "Raised to the minimum: kiosk; held at the maximum: street." in plan.note()
    zh = plan.in_language("zh")
    assert zh.title() == "400 个样本在 4 个层中的分配"
    assert "提高至下限：kiosk；受上限限制：street。" in zh.note()
    assert zh.sentence() == "400 个样本分配到 4 个层，按规模 × 标准差分配（Neyman 最优分配）；每个 tier 30 至 220 个。"
    for shown in (plan, zh):
        assert "11,060" in shown.note()
        assert "220" in shown.to_string()
    assert {column.heading("zh") for column in plan.columns()} >= {"样本量", "权数", "抽样比", "预期标准误", "限制"}


def test_margins_speak_both_languages():
    plan = allocate_for_margins(TIERS, [Target("gap", cv=0.02), Target("returns", margin=0.1, by="tier")], by="tier")
    assert "at most" in plan.note()
    assert "margins at 95% confidence" in plan.note()
    assert "至多比理论最小值高" in plan.in_language("zh").note()
    table = plan.in_language("zh").margins()
    assert table.title() == "各项精度要求与预期精度"
    assert "误差限 ±" in table.to_string()
    assert "总体" in table.to_string()
    assert "CV" in plan.margins().to_string()
    assert "pressure" in plan.margins().note()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_holds_the_shares(language):
    strata = TIERS.assign(tier=["旗舰店", "街边店", "大卖场", "售货亭"]) if language == "zh" else TIERS
    plan = allocate(strata, 400, by="tier", method="equal").in_language(language)
    ax = plan.plot(new_axes(6.5))
    marks = {drawn.get_label(): drawn for drawn in ax.collections}
    assert marks["n_share"].get_offsets()[:, 0].tolist() == pytest.approx([0.25] * 4)
    assert marks["size_share"].get_offsets()[:, 0].tolist() == pytest.approx(plan.frame["size_share"].tolist())
    assert [label.get_text() for label in ax.get_yticklabels()] == strata["tier"].tolist()
    assert ax.get_title(loc="left") == plan.title()
    heading = {"en": "share of the sample", "zh": "占样本的比例"}[language]
    assert heading in [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_picture_says_which_bound_decided():
    ax = allocate(TIERS, 400, by="tier", minimum=50).plot(new_axes(6.5))
    assert "raised to the minimum" in [text.get_text() for text in ax.texts]
    empty = allocate(TIERS, 400, by="tier")
    with pytest.raises(SpecError, match="needs rows"):
        type(empty)(empty.frame.iloc[:0], by=("tier",)).plot(new_axes(6.5))


@pytest.mark.parametrize("power", [3, -0.1, "half", True])
def test_power_that_cannot_be_used_is_named_with_its_bounds(power):
    strata = pd.DataFrame({"stratum": ["a", "b"], "size": [100, 50]})
    with pytest.raises(SpecError, match=r"power=.* must lie between 0 and 1, both included"):
        allocate(strata, 20, method="power", power=power)
