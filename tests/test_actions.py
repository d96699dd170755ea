"""Which actions within a budget: the choice, its chances, its frontier, and what would change it.

Authorities:

* knapsack problems with published optima: Martello and Toth (1990), Knapsack Problems, chapter 2; problems P01, P07 and P08 of
  Burkardt's KNAPSACK_01 collection (P08: 24 items with weights of six figures, which a careless tolerance gets wrong): the very sets;
* every set written out with itertools (beyond 9 actions: scipy's milp, in ``test_search.py``), under needs, exclusions, minima and limited room, on random instances: 1e-9;
* the two-piece normal distribution's density, integrated numerically (Wallis 2014): 1e-6.

Below these stand identities and hostile input.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import servqual.priorities.frontier as frontier
import servqual.priorities.uncertainty as chapter
from servqual import load_instrument
from servqual.drivers import drivers
from servqual.index_weights import index_weights
from servqual.plots import new_axes
from servqual.priorities import importance_performance, priorities
from servqual.priorities.actions import Action, Actions, read_actions
from servqual.priorities.choice import choose_actions
from servqual.priorities.uncertainty import two_piece_normal
from survey_design import DataError, SpecError

SCALE = load_instrument("servqual-22")
DIMENSIONS = {"reliability": 0.32, "responsiveness": 0.22, "assurance": 0.19, "empathy": 0.16, "tangibles": 0.11}
ITEMS = {item.id: item.dimension for item in SCALE.items}
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=20, deadline=None)


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """Actions with usual values where a row says nothing."""
    usual = {"target": "REL1", "owner": "store", "cost": 100.0, "gain": 0.5, "gain_low": 0.2, "gain_high": 0.8, "reach": 1.0,
             "needs": "", "excludes": ""}  # fmt: skip
    return pd.DataFrame([{"action": f"a{k}", **usual, **row} for k, row in enumerate(rows)])


def made(*rows: dict[str, Any]) -> Actions:
    return read_actions(table(*rows), SCALE)


SIX = made(
    {"cost": 120, "gain": 0.5}, {"cost": 80, "target": "responsiveness", "gain": 0.4, "gain_high": 0.9}, {"cost": 150, "target": "assurance"},
    {"cost": 60, "target": "reliability", "gain": 0.2, "gain_low": -0.1, "gain_high": 0.5, "needs": "a2", "owner": "control"},
    {"cost": 90, "target": "REL1", "gain": 0.3, "excludes": "a0"}, {"cost": 400, "target": "tangibles", "gain": 0.8, "gain_high": 1.4},
)  # fmt: skip


def random_actions(seed: int, n: int) -> Actions:
    """Actions on few targets, so that they meet, some of which need or exclude others."""
    rng = np.random.default_rng(seed)
    targets = ["REL1", "REL2", "reliability", "assurance", "empathy"]
    rows = []
    for k in range(n):
        gain = round(float(rng.uniform(0.1, 1.5)), 3)
        earlier = [f"a{j}" for j in range(k)]
        needs = str(rng.choice(earlier)) if earlier and rng.random() < 0.25 else ""
        others = [name for name in earlier if name != needs and not rows[int(name[1:])]["needs"] and not needs]
        rows.append({"target": str(rng.choice(targets)), "cost": float(rng.integers(0, 100)), "gain": gain, "gain_low": gain - 0.1,
                     "gain_high": gain + float(rng.uniform(0.1, 1)), "reach": round(float(rng.uniform(0.1, 1)), 2), "needs": needs,
                     "owner": str(rng.choice(["store", "control"])),
                     "excludes": str(rng.choice(others)) if others and rng.random() < 0.3 else ""})  # fmt: skip
    return made(*rows)


def feasible(actions: Actions, minimum: dict[str, int] | None = None) -> list[tuple[int, ...]]:
    """Every set that keeps the rules, budget aside, by trying all."""
    ids, all_of = [a.id for a in actions], list(actions)
    found = []
    for size in range(len(ids) + 1):
        for chosen in combinations(range(len(ids)), size):
            names = {ids[k] for k in chosen}
            fine = all(set(all_of[k].needs) <= names and not set(all_of[k].excludes) & names for k in chosen)
            fine = fine and all(sum(all_of[k].owner == o for k in chosen) >= m for o, m in (minimum or {}).items())
            if fine:
                found.append(chosen)
    return found


def worth(
    actions: Actions, chosen: tuple[int, ...], importance: dict[str, float], room: dict[str, float], gains: np.ndarray
) -> float:
    """What a set brings, item by item, as the docstring of choose_actions says."""
    whole, total = sum(importance.values()), 0.0
    for item, dimension in ITEMS.items():
        weight = importance[dimension] / whole / sum(d == dimension for d in ITEMS.values())
        rise = sum(
            gains[k] * actions.actions[k].reach for k in chosen if actions.actions[k].target in (item, dimension)
        )
        total += weight * min(room.get(item, room.get(dimension, 6.0)), rise)
    return total


# --- authorities -------------------------------------------------------------------------------------------

MARTELLO_TOTH = ([15, 100, 90, 60, 40, 15, 10, 1], [2, 20, 20, 30, 40, 30, 60, 10], 102, "11110100", 280)
P01 = ([92, 57, 49, 68, 60, 43, 67, 84, 87, 72], [23, 31, 29, 44, 53, 38, 63, 85, 89, 82], 165, "1111010000", 309)
P07 = ([135, 139, 149, 150, 156, 163, 173, 184, 192, 201, 210, 214, 221, 229, 240],
       [70, 73, 77, 80, 82, 87, 90, 94, 98, 106, 110, 113, 115, 118, 120], 750, "101010111000011", 1458)  # fmt: skip
P08 = ([825594, 1677009, 1676628, 1523970, 943972, 97426, 69666, 1296457, 1679693, 1902996, 1844992, 1049289, 1252836, 1319836, 953277,
        2067538, 675367, 853655, 1826027, 65731, 901489, 577243, 466257, 369261],
       [382745, 799601, 909247, 729069, 467902, 44328, 34610, 698150, 823460, 903959, 853665, 551830, 610856, 670702, 488960, 951111,
        323046, 446298, 931161, 31385, 496951, 264724, 224916, 169684], 6404180, "110111000110100100000111", 13549094)  # fmt: skip


@pytest.mark.parametrize(("profit", "weight", "budget", "taken", "best"), [MARTELLO_TOTH, P01, P07, P08])
def test_published_knapsack_problems(profit: list[int], weight: list[int], budget: int, taken: str, best: int) -> None:
    share = np.array(profit) / sum(profit)  # all aim at one item, and together fill less than the scale
    frame = pd.DataFrame(
        {"action": [f"a{k}" for k in range(len(profit))], "target": "REL1", "cost": weight, "gain": share}
    )
    found = choose_actions(read_actions(frame, SCALE), budget, importance={"REL1": 1.0}, draws=2)
    assert "".join(str(int(each)) for each in found.frame["chosen"]) == taken
    assert found.benefit * sum(profit) == pytest.approx(best, abs=1e-6)
    assert found.spent <= budget
    assert found.gap == 0
    assert found.bound * sum(profit) == pytest.approx(best, rel=1e-6)


@FEW
@given(SEEDS, st.integers(1, 9), st.booleans())
def test_every_set_written_out(seed: int, n: int, tight: bool) -> None:
    """Set, frontier, chances and regret against itertools, also where actions meet and the room is short."""
    actions, rng = random_actions(seed, n), np.random.default_rng(seed)
    room = {"reliability": 0.6, "REL2": 0.0, "assurance": 0.4} if tight else {}
    budget = float(np.round(rng.uniform(0, 1) * sum(a.cost for a in actions)))
    found = choose_actions(actions, budget, importance=DIMENSIONS, room=room, draws=8, seed=seed)
    gains = np.array([a.gain for a in actions])
    sets = feasible(actions)
    cost = {chosen: sum(actions.actions[k].cost for k in chosen) for chosen in sets}
    value = {chosen: worth(actions, chosen, DIMENSIONS, room, gains) for chosen in sets}
    best = max(value[chosen] for chosen in sets if cost[chosen] <= budget)
    assert found.benefit == pytest.approx(best, abs=1e-9)
    own = tuple(np.flatnonzero(found.frame["chosen"]))
    assert own in sets
    assert cost[own] == found.spent <= budget
    assert found.spent == min(cost[c] for c in sets if cost[c] <= budget and value[c] >= best - 1e-12)
    for row in found.frontier.frame.to_dict("records"):
        assert row["benefit"] == pytest.approx(max(value[c] for c in sets if cost[c] <= row["budget"]), abs=1e-9)
    reach = np.array([a.reach for a in actions])
    drawn = found.question.rise_draws / reach
    lost, member = [], np.zeros(n)
    for line in drawn:
        each = {c: worth(actions, c, DIMENSIONS, room, line) for c in sets if cost[c] <= budget}
        top = max(each.values())
        lost.append(top - each[own])
        member[list(max(each, key=lambda c: (round(each[c], 12), -cost[c])))] += 1 / len(drawn)
    assert found.regret == pytest.approx(np.mean(lost), abs=1e-9)
    assert found.frame["chance"].to_numpy() == pytest.approx(member, abs=1e-9)


@FEW
@given(SEEDS)
def test_owners_have_their_minimum(seed: int) -> None:
    actions = random_actions(seed, 7)
    minimum = {a.owner: 1 for a in actions}
    sets = feasible(actions, minimum)
    if not sets:
        with pytest.raises(SpecError, match="no set of actions keeps the rules"):
            choose_actions(actions, 1e6, importance=DIMENSIONS, minimum=minimum, draws=2)
        return
    cheapest = min(sum(actions.actions[k].cost for k in c) for c in sets)
    found = choose_actions(actions, cheapest, importance=DIMENSIONS, minimum=minimum, draws=2)
    assert found.spent == pytest.approx(cheapest)
    assert set(found.frame.loc[found.frame["chosen"], "owner"]) == set(minimum)
    if cheapest > 1:
        with pytest.raises(SpecError, match=rf"costs {cheapest:,.0f} at least"):
            choose_actions(actions, cheapest - 1, importance=DIMENSIONS, minimum=minimum, draws=2)


@pytest.mark.parametrize(
    ("likely", "low", "high"), [(0.3, 0.1, 0.5), (0.3, 0.2, 0.9), (0.5, -0.4, 0.6), (0.4, 0.1, 0.41)]
)
def test_two_piece_normal_has_its_range(likely: float, low: float, high: float) -> None:
    """The density integrates to 10 % on either side of the range, and its mode is the likely gain."""
    left, right = two_piece_normal(likely, low, high)

    def density(x: float) -> float:
        return 2 / (left + right) * norm.pdf((x - likely) / (left if x < likely else right))

    assert quad(density, low - 12 * left, low)[0] == pytest.approx(0.1, abs=1e-6)
    assert quad(density, high, high + 12 * right)[0] == pytest.approx(0.1, abs=1e-6)
    drawn = chapter.draw_gains([Action("a", "REL1", 1, likely, low, high)], 200_000, np.random.default_rng(1))
    assert np.quantile(drawn, [0.1, 0.9]) == pytest.approx([low, high], abs=4 * 0.3 / np.sqrt(0.09 * 200_000) * 0.6)
    mean = (
        quad(lambda x: x * density(x), likely - 12 * left, likely)[0]
        + quad(lambda x: x * density(x), likely, likely + 12 * right)[0]
    )
    assert chapter.mean_gains([Action("a", "REL1", 1, likely, low, high)])[0] == pytest.approx(mean, abs=1e-6)


def test_a_range_with_one_end_at_the_likely_gain() -> None:
    for low, high in ((0.3, 0.7), (0.1, 0.3)):
        spread = two_piece_normal(0.3, low, high)
        assert min(spread) / sum(spread) == pytest.approx(0.1, abs=1e-6)  # a tenth lies beyond that end
    assert two_piece_normal(0.3, 0.3, 0.3) == (0.0, 0.0)


# --- identities --------------------------------------------------------------------------------------------


@FEW
@given(SEEDS)
def test_never_worse_than_taking_the_cheapest_points_first(seed: int) -> None:
    actions = random_actions(seed, 12)
    budget = 0.4 * sum(a.cost for a in actions)
    found = choose_actions(actions, budget, importance=DIMENSIONS, draws=2)
    gains, taken, spent = np.array([a.gain for a in actions]), [], 0.0
    ratio = [found.frame["benefit"].iloc[k] / max(a.cost, 1e-9) for k, a in enumerate(actions)]
    for k in np.argsort(ratio)[::-1]:
        action, names = actions.actions[k], {actions.actions[j].id for j in taken}
        apart = set(action.excludes) & names or any(action.id in actions.actions[j].excludes for j in taken)
        if set(action.needs) <= names and not apart and spent + action.cost <= budget:
            taken.append(int(k))
            spent += action.cost
    assert found.benefit >= worth(actions, tuple(taken), DIMENSIONS, {}, gains) - 1e-12


@FEW
@given(SEEDS)
def test_frontier_rises_under_a_concave_line(seed: int) -> None:
    frontier = choose_actions(
        random_actions(seed, 9), 100, importance=DIMENSIONS, room={"reliability": 0.5}, draws=2
    ).frontier
    budget, benefit = (frontier.frame[name].to_numpy() for name in ("budget", "benefit"))
    assert (np.diff(budget) > 0).all()
    assert (np.diff(benefit) > 0).all()
    corner = frontier.frame["corner"].to_numpy()
    slope = np.diff(benefit[corner]) / np.diff(budget[corner])
    assert (np.diff(slope) < 1e-12).all()
    assert (np.interp(budget, budget[corner], benefit[corner]) >= benefit - 1e-12).all()
    assert corner[[0, -1]].all()


@pytest.mark.parametrize(("likely", "low", "high"), [(0.4, 0.1, 0.7), (0.3, 0.25, 0.9), (0.5, -0.1, 0.55)])
def test_gains_at_a_chance_are_the_integrals_ends(likely: float, low: float, high: float) -> None:
    action = Action("a", "REL1", 1.0, likely, low, high)
    s1, s2 = two_piece_normal(likely, low, high)
    density = lambda x: np.sqrt(2 / np.pi) / (s1 + s2) * np.exp(-(((x - likely) / (s1 if x < likely else s2)) ** 2) / 2)  # noqa: E731
    for chance in (0.025, 0.1, 0.5, 0.9, 0.975):
        end = float(chapter.gains_at([action], chance)[0])
        below = quad(density, likely - 12 * s1, min(end, likely))[0] + (
            quad(density, likely, end)[0] if end > likely else 0.0
        )
        assert below == pytest.approx(chance, abs=1e-6)


def test_gains_misjudged_together_leave_a_wider_range_than_each_by_itself() -> None:
    actions = read_actions("data/sample/actions.csv", SCALE)
    even = {item.id: 1.0 for item in SCALE.items}
    found = choose_actions(actions, 1e9, importance=even, room=dict.fromkeys(even, 6.0))
    assert found.low_together < found.low < found.benefit < found.high < found.high_together
    # by hand, without room to pass: the sum of weight × reach × gain at the ends, an item weighing 1/22
    weight = {**{item.id: 1 / 22 for item in SCALE.items}, **{d.id: 0.0 for d in SCALE.dimensions}}
    for item in SCALE.items:
        weight[item.dimension] += 1 / 22
    taken = [each for each in actions if each.id in found.chosen]
    for chance, told in ((0.025, found.low_together), (0.975, found.high_together)):
        gains = chapter.gains_at(taken, chance)
        assert told == pytest.approx(sum(weight[a.target] * a.reach * g for a, g in zip(taken, gains, strict=True)))
    assert "misjudged together, the set would bring" in found.note()
    assert "若各项同向误判" in found.in_language("zh").note()


def test_without_doubt_there_is_no_regret() -> None:
    frame = table({}, {"target": "assurance", "cost": 50}).drop(columns=["gain_low", "gain_high"])
    found = choose_actions(read_actions(frame, SCALE), 60, importance=DIMENSIONS, draws=50)
    assert found.regret == 0
    assert found.best_chance == 1
    assert set(found.frame["chance"]) == {0.0, 1.0}
    assert found.low == pytest.approx(found.benefit)
    assert found.high == pytest.approx(found.benefit)
    assert "2 of 2 gains come without a range" in found.note()


def test_regret_falls_with_knowledge() -> None:
    """Half as wide ranges about the same gains: less regret."""

    def regret(width: float) -> float:
        rows = [{"target": t, "gain_low": 0.5 - width, "gain_high": 0.5 + width, "cost": c}
                for t, c in (("reliability", 130), ("responsiveness", 80), ("assurance", 70), ("empathy", 60), ("tangibles", 30))]  # fmt: skip
        return choose_actions(made(*rows), 180, importance=DIMENSIONS).regret

    assert regret(0.4) > regret(0.2) > regret(0.05) >= 0


def test_budgets_on_a_grid_lie_on_the_frontier_of_all_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 16 actions the frontier is found at 41 budgets: on 6 each of them must be a budget's best."""
    whole = choose_actions(SIX, 300, importance=DIMENSIONS, room={"REL1": 0.55}, draws=2).frontier.frame
    monkeypatch.setattr(frontier, "ENUMERATED", 0)
    found = choose_actions(SIX, 300, importance=DIMENSIONS, room={"REL1": 0.55}, draws=2).frontier
    assert not found.exact
    for row in found.frame.to_dict("records"):
        below = whole[whole["budget"] <= row["budget"] + 1e-9]
        assert row["benefit"] == pytest.approx(below["benefit"].max(), abs=1e-9)


def test_many_actions_need_no_solver(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The choice, its frontier and its limits for 22 actions are searched here: HiGHS is not asked, so that it prints nothing."""

    def refused(*args: Any, **options: Any) -> None:
        raise AssertionError("the solver was asked")

    monkeypatch.setattr("scipy.optimize.milp", refused)
    actions = random_actions(4, 22)
    found = choose_actions(actions, 400, importance=DIMENSIONS, room={"assurance": 0.7}, minimum={"store": 2}, draws=50)
    assert len(found.frontier.frame) > 5
    assert len(found.what_would_change().frame) == 22
    assert 0 < found.best_chance <= 1
    assert capfd.readouterr().out == ""


@settings(max_examples=5, deadline=None)
@given(SEEDS, st.booleans())
def test_limits_hold_when_solved_again(seed: int, tight: bool) -> None:
    """A little within the limit the action is taken, a little beyond it is not: checked by changing the file and choosing again."""
    actions, room = random_actions(seed, 6), {"reliability": 0.8} if tight else {}
    budget = 0.5 * sum(a.cost for a in actions)
    found = choose_actions(actions, budget, importance=DIMENSIONS, room=room, draws=2)
    changes = found.what_would_change().frame.set_index("action")

    def taken(action: str, **change: float) -> bool:
        frame = actions.frame.copy()
        for name, value in change.items():
            frame.loc[frame["action"] == action, name] = max(value, 0)
        frame[["gain_low", "gain_high"]] = np.column_stack([frame["gain"], frame["gain"]])
        return bool(
            choose_actions(read_actions(frame, SCALE), budget, importance=DIMENSIONS, room=room, draws=1).row(action)[
                "chosen"
            ]
        )

    for name, row in changes.iterrows():
        limit, gain = row["cost_limit"], row["gain_limit"]
        if np.isfinite(limit) and limit > 0.6:
            assert taken(name, cost=limit - 0.5)
            assert not taken(name, cost=limit + 0.5) or limit == pytest.approx(budget)
        if np.isfinite(gain) and 1e-3 < gain < 5.9:
            assert taken(name, gain=gain * 1.001)
            assert not taken(name, gain=gain * 0.999)
        if not np.isfinite(limit):
            assert not taken(name, cost=0)
        if not np.isfinite(gain):
            assert not taken(name, gain=6.0)


def test_dimensions_and_items_say_the_same() -> None:
    """Importance of a dimension is shared evenly among its items; a dimension as a target means all of them."""
    items = {
        item: DIMENSIONS[dimension] / sum(d == dimension for d in ITEMS.values()) for item, dimension in ITEMS.items()
    }
    whole, parts = (choose_actions(SIX, 300, importance=given, draws=100) for given in (DIMENSIONS, items))
    pd.testing.assert_frame_equal(whole.frame, parts.frame)
    one = choose_actions(made({"target": "reliability"}), 100, importance=DIMENSIONS, draws=2)
    five = choose_actions(
        made(*({"target": f"REL{k}", "cost": 20} for k in range(1, 6))), 100, importance=DIMENSIONS, draws=2
    )
    assert one.benefit == pytest.approx(five.benefit) == pytest.approx(0.5 * 0.32)
    twice = choose_actions(SIX, 300, importance={name: 2 * value for name, value in DIMENSIONS.items()}, draws=100)
    pd.testing.assert_frame_equal(twice.frame, whole.frame)


def test_room_may_be_a_series() -> None:
    room = dict.fromkeys(ITEMS, 0.25)
    one = choose_actions(SIX, 300, importance=DIMENSIONS, room=room)
    assert choose_actions(SIX, 300, importance=DIMENSIONS, room=pd.Series(room)).frame.equals(one.frame)


def test_room_is_never_passed() -> None:
    two = made(
        {"target": "REL1", "gain": 4.0, "gain_low": 3, "gain_high": 5},
        {"target": "REL1", "gain": 4.0, "gain_low": 3, "gain_high": 5},
    )
    found = choose_actions(two, 1000, importance={"REL1": 1.0})
    assert found.benefit == 6.0  # the scale runs from 1 to 7
    assert found.high <= 6.0
    short = choose_actions(two, 1000, importance={"REL1": 1.0}, room={"REL1": 1.5})
    assert short.benefit == 1.5
    assert len(short.chosen) == 1  # the second one would bring nothing more
    none = choose_actions(two, 1000, importance={"REL1": 1.0}, room={"reliability": 0})
    assert none.chosen == ()
    assert set(none.frame["reason"]) == {"no benefit"}
    assert "no action that can be paid for brings anything" in none.sentence()


def test_same_seed_same_numbers() -> None:
    first, again, other = (choose_actions(SIX, 300, importance=DIMENSIONS, seed=seed, draws=300) for seed in (4, 4, 5))
    assert first.to_csv() == again.to_csv() != other.to_csv()
    assert first.chosen == other.chosen


def test_mean_gains_count_the_long_side() -> None:
    rows = [
        {"target": "REL1", "gain": 0.5, "gain_low": 0.4, "gain_high": 0.6},
        {"target": "REL2", "gain": 0.45, "gain_low": 0.4, "gain_high": 1.5},
    ]
    likely, mean = (
        choose_actions(made(*rows), 100, importance=DIMENSIONS, gains=how, draws=20_000) for how in ("likely", "mean")
    )
    assert (likely.chosen, mean.chosen) == (("a0",), ("a1",))
    assert mean.regret < likely.regret
    drawn = mean.question.rise_draws[:, 1].mean() * DIMENSIONS["reliability"] / 5
    assert mean.benefit == pytest.approx(drawn, rel=0.02)


# --- importance of any kind --------------------------------------------------------------------------------


def test_importance_from_drivers_and_weights() -> None:
    rng = np.random.default_rng(3)
    scores = pd.DataFrame(rng.normal(size=(200, 2)), columns=["reliability", "empathy"])
    scores["outcome"] = 2 * scores["reliability"] + scores["empathy"] + rng.normal(size=200)
    actions = made({"target": "reliability"}, {"target": "empathy"})
    moved = drivers(scores, outcome="outcome", drivers=["reliability", "empathy"])
    found = choose_actions(actions, 100, importance=moved)
    shares = moved.frame.set_index("driver")["importance"]
    assert found.frame["benefit"].tolist() == pytest.approx((0.5 * shares / shares.sum()).tolist())
    assert "normal draws with its standard errors" in found.note()
    known = choose_actions(actions, 100, importance=dict(shares))
    assert known.row("a0")["high"] - known.row("a0")["low"] < found.row("a0")["high"] - found.row("a0")["low"]
    points = pd.DataFrame({"reliability": [70, 60, 55], "empathy": [30, 40, 45]})
    weights = index_weights(points, method="points")
    by_experts = choose_actions(actions, 100, importance=weights)
    assert by_experts.frame["benefit"].tolist() == pytest.approx((0.5 * weights.weights()).tolist())
    with pytest.raises(SpecError, match="split by groups"):
        choose_actions(actions, 100, importance=drivers(scores.assign(g=np.arange(200) % 2), outcome="outcome", by="g",
                                                        drivers=["reliability", "empathy"]))  # fmt: skip


def test_importance_from_replicates() -> None:
    """With known gains the spread comes from the replicates alone, rows drawn whole."""
    draws = pd.DataFrame({"reliability": [0.9, 0.1], "empathy": [0.1, 0.9]})
    frame = table({"target": "reliability"}, {"target": "empathy", "cost": 99}).assign(gain_low=0.5, gain_high=0.5)
    found = choose_actions(read_actions(frame, SCALE), 100, importance=draws, draws=4000)
    assert found.chosen == ("a1",)  # equally good on average, and cheaper
    assert found.frame["chance"].sum() == pytest.approx(1)
    assert found.row("a0")["chance"] == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))
    assert found.regret == pytest.approx(0.5 * 0.8 * found.row("a0")["chance"], abs=1e-9)


@pytest.mark.parametrize(("importance", "words"), [
    ({"reliability": 0.5, "REL1": 0.5}, "not both"),
    ({"speed": 1.0}, "unknown: 'speed'"),
    ({"reliability": -0.1, "empathy": 1.1}, r"reliability \(-0.1\)"),
    ({"reliability": float("nan")}, r"reliability \(nan\)"),
    ({"reliability": 0.0}, "all are 0"),
    ({}, "must be a mapping"),
    (0.5, "must be a mapping"),
])  # fmt: skip
def test_importance_that_cannot_be_used(importance: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        choose_actions(SIX, 300, importance=importance)


# --- words -------------------------------------------------------------------------------------------------


def test_dearer_than_the_budget() -> None:
    found = choose_actions(made({"cost": 500}, {"cost": 700}), 100, importance=DIMENSIONS)
    assert found.chosen == ()
    assert (found.benefit, found.regret, found.gap) == (0.0, 0.0, 0.0)
    assert set(found.frame["reason"]) == {"too dear"}
    assert found.sentence() == "Nothing can be done for 100: the cheapest action costs 500."
    assert found.in_language("zh").sentence() == "预算 100 内没有可采取的行动：最便宜的行动需 500。"
    assert not found.frame.drop(columns="reason").isna().any().any()
    none = choose_actions(made({"cost": 500}), 0, importance=DIMENSIONS)
    assert none.sentence() == "Nothing can be done for 0: the cheapest action costs 500."
    needs = choose_actions(
        made({"cost": 60, "target": "REL2", "gain": 0.1, "gain_low": 0}, {"cost": 60, "needs": "a0"}),
        100,
        importance=DIMENSIONS,
    )
    assert needs.row("a1")["reason"] == "needs too dear"


def test_enough_for_everything() -> None:
    found = choose_actions(made({"target": "assurance"}, {"target": "empathy"}), 1000, importance=DIMENSIONS)
    assert found.sentence().startswith("The budget pays for all that could be done (2 actions). Cost 200 of 1,000;")
    assert found.in_language("zh").sentence().startswith("预算足以采取全部 2 项行动；花费 200（预算 1,000）")
    assert (found.frame["reason"] == "").all()


def test_why_actions_are_left_or_taken() -> None:
    actions = made({"cost": 10, "gain": 0, "gain_low": 0, "gain_high": 0}, {"cost": 50, "needs": "a0", "gain": 2, "gain_high": 3},
                   {"cost": 20, "excludes": "a1", "target": "REL2"}, {"cost": 40, "target": "EMP1", "gain": 0.2},
                   {"cost": 5, "gain": 0, "gain_low": 0, "gain_high": 0})  # fmt: skip
    found = choose_actions(actions, 60, importance=DIMENSIONS)
    assert dict(zip(found.frame["action"], found.frame["reason"], strict=True)) == {
        "a0": "needed", "a1": "", "a2": "excluded", "a3": "outweighed", "a4": "no benefit"}  # fmt: skip
    forced = choose_actions(
        made({"gain": 0, "gain_low": 0, "gain_high": 0}), 100, importance=DIMENSIONS, minimum={"store": 1}
    )
    assert forced.row("a0")["reason"] == "required"
    assert forced.what_would_change().frame["reason"].tolist() == ["must be"]


def test_tables_in_both_languages() -> None:
    found = choose_actions(SIX, 300, importance=DIMENSIONS)
    for result in (SIX, found, found.frontier, found.what_would_change()):
        for language in ("en", "zh"):
            text = result.in_language(language).to_string()
            assert "nan" not in text.lower()
            assert ("；" in text or "。" in text) == (language == "zh")
    assert "单独收益" in found.in_language("zh").sentence("a1")
    changes = found.what_would_change()
    assert "costs" in changes.sentence("a1")
    assert "成本" in changes.in_language("zh").sentence("a1")
    assert found.frontier.at(300) == pytest.approx(found.benefit)
    assert found.frontier.at(299.99999) <= found.benefit
    with pytest.raises(SpecError, match="no action 'b'"):
        found.sentence("b")


def test_amounts_are_shown_with_their_currency() -> None:
    """In headings, titles and sentences, in both languages; without one, nothing is added."""
    actions = read_actions(table({"cost": 120}, {"cost": 80, "target": "empathy"}), SCALE, currency="CNY")
    found = choose_actions(actions, 100, importance=DIMENSIONS)
    zh = found.in_language("zh")
    assert found.title() == "The best actions for 100 CNY"
    assert zh.title() == "预算 100 CNY 内的最佳行动"
    assert "Cost 80 CNY of 100 CNY;" in found.sentence()
    assert "花费 80 CNY（预算 100 CNY）" in zh.sentence()
    assert "cost 120 CNY" in found.sentence("a0")
    assert "成本 120 CNY" in zh.sentence("a0")
    for result, en, chinese in ((actions, ["cost (CNY)"], ["成本（CNY）"]), (found, ["cost (CNY)"], ["成本（CNY）"]),
                                (found.frontier, ["budget (CNY)"], ["预算（CNY）"]),
                                (found.what_would_change(), ["cost (CNY)", "taken up to (CNY)"], ["成本（CNY）", "成本上限（CNY）"])):  # fmt: skip
        assert set(en) <= set(result.shown().columns)
        assert set(chinese) <= set(result.in_language("zh").shown().columns)
    assert "if it costs 20 CNY or less (now 120 CNY)" in found.what_would_change().sentence("a0")
    assert "成本降至 20 CNY（目前 120 CNY）" in found.what_would_change().in_language("zh").sentence("a0")
    nothing = choose_actions(actions, 50, importance=DIMENSIONS)
    assert nothing.sentence() == "Nothing can be done for 50 CNY: the cheapest action costs 80 CNY."
    with pytest.raises(SpecError, match="costs 200 CNY at least, more than the budget of 100 CNY"):
        choose_actions(actions, 100, importance=DIMENSIONS, minimum={"store": 2})
    for language in ("en", "zh"):
        again = read_actions(actions.in_language(language).shown().replace({"100%": "1"}), SCALE)
        assert again.frame["cost"].tolist() == [120, 80]
        written = [text.get_text() for text in found.in_language(language).plot(new_axes()).texts]
        assert ("cost (CNY)" if language == "en" else "成本（CNY）") in written
        below = [text.get_text() for text in found.frontier.in_language(language).plot(new_axes()).texts]
        assert ("budget (CNY)" if language == "en" else "预算（CNY）") in below
    bare = choose_actions(SIX, 100, importance=DIMENSIONS)
    assert "CNY" not in bare.to_string() + bare.title() + bare.sentence()
    assert "cost" in bare.shown().columns


def test_targets_without_importance_are_told() -> None:
    found = choose_actions(made({"target": "tangibles"}, {"target": "REL1"}), 500, importance={"reliability": 1})
    assert "no importance was given for Tangibles: counted as 0" in found.note()
    assert "有形性未给重要性，按 0 计" in found.in_language("zh").note()
    assert found.row("a0")["reason"] == "no benefit"


# --- reading -----------------------------------------------------------------------------------------------


def test_file_with_chinese_headings(tmp_path: Any) -> None:
    path = tmp_path / "actions.csv"
    path.write_text("行动,行动名称,目标,责任方,成本,提升,前置行动\n1,培训,responsiveness,store,\"40,000\",0.3,\n2,收银,REL1,control,90000,0.5,1.0\n",
                    encoding="utf-8")  # fmt: skip
    read = read_actions(path, SCALE.in_language("zh"))
    assert read.label("1") == "培训"
    assert read.actions[1].needs == ("1",)
    assert read.frame["cost"].tolist() == [40_000, 90_000]
    assert read.frame["reach"].tolist() == [1, 1]
    renamed = table({}).rename(columns={"cost": "yuan"})
    assert read_actions(renamed, SCALE, columns={"cost": "yuan"}).frame["cost"].tolist() == [100]


def test_what_a_chinese_table_shows_is_read_back() -> None:
    """A table as it is shown in either language, headings, targets and owners, is the same actions again."""
    usual = made(
        {"target": "tangibles", "owner": "support"},
        {"target": "REL1", "owner": "store", "cost": 50},
        {"owner": "control"},
    )
    for language in ("en", "zh"):
        read = read_actions(usual.in_language(language).shown().replace({"100%": "1"}), SCALE)
        assert read.frame[["action", "target", "owner", "cost", "gain", "gain_low", "gain_high"]].equals(
            usual.frame[["action", "target", "owner", "cost", "gain", "gain_low", "gain_high"]]
        )


def test_cells_that_nearly_fit_say_how_to_write_them() -> None:
    with pytest.raises(DataError, match=r"write 0\.5 for 50%"):
        read_actions(table({"reach": "50%"}), SCALE)
    with pytest.raises(
        DataError, match=r"'TAN7' is no item or dimension of servqual-22: TAN1, .*EMP5, tangibles, .*empathy"
    ):
        read_actions(table({"target": "TAN7"}), SCALE)
    with pytest.raises(SpecError, match=r"write columns=\{'cost': '元'\}"):
        read_actions(table({}).rename(columns={"cost": "元"}), SCALE, columns={"元": "cost"})
    with pytest.raises(SpecError, match=r"read_actions\(source, instrument\)"):
        choose_actions(table({}), 100, importance=DIMENSIONS)  # type: ignore[arg-type]


def test_a_minimum_that_cannot_be_kept_says_whose() -> None:
    two = made({"owner": "store"}, {"owner": "store", "excludes": "a0"}, {"owner": "control"})
    with pytest.raises(
        SpecError, match="store has 2 actions, of which needs and exclusions allow 1 together; 3 are asked"
    ):
        choose_actions(two, 1000, importance=DIMENSIONS, minimum={"store": 3})
    with pytest.raises(SpecError, match="control has 1 action; 2 are asked"):
        choose_actions(two, 1000, importance=DIMENSIONS, minimum={"control": 2, "store": 1})
    apart = made({"owner": "store"}, {"owner": "control", "excludes": "a0"})
    with pytest.raises(SpecError, match="kept alone, but not all of them"):
        choose_actions(apart, 1000, importance=DIMENSIONS, minimum={"control": 1, "store": 1})


def test_importance_from_the_map_and_the_ranking() -> None:
    """Both say the same as their numbers; their errors widen the interval."""
    rng = np.random.default_rng(5)
    items = ["REL1", "REL2", "RES1"]
    frame = pd.DataFrame(rng.normal(5, 1, (40, 6)), columns=[f"{side}_{name}" for side in "EP" for name in items])
    sides = {"importance": {n: f"E_{n}" for n in items}, "performance": {n: f"P_{n}" for n in items}}
    actions = made({"gain_low": 0.5, "gain_high": 0.5}, {"target": "RES1", "gain_low": 0.5, "gain_high": 0.5})
    placed = importance_performance(frame, **sides)
    mean = frame[[f"E_{n}" for n in items]].mean().to_numpy()
    for found in (
        choose_actions(actions, 200, importance=each) for each in (placed, priorities(frame, target=7, **sides))
    ):
        assert found.frame["benefit"].tolist() == pytest.approx((0.5 * mean[[0, 2]] / mean.sum()).tolist())
        assert (found.frame["high"] > found.frame["low"]).all()
        assert "normal draws with its standard errors" in found.note()


@pytest.mark.parametrize(("rows", "column", "problem"), [
    ([{"cost": -5}], "cost", "a cost is 0 or more"),
    ([{"cost": "dear"}], "cost", "no number"),
    ([{"cost": float("inf")}], "cost", "no number"),
    ([{"target": "speed"}], "target", "no item or dimension"),
    ([{"owner": "boss"}], "owner", "must be store, control, support"),
    ([{"gain_low": 0.8, "gain_high": 0.2}], "gain_low", "gain_low is above gain_high"),
    ([{"gain": 0.9}], "gain", "lies outside its range"),
    ([{"gain": -0.1, "gain_low": -0.2}], "gain", "a gain is 0 or more"),
    ([{"gain": 7, "gain_high": 8}], "gain", "the scale is only 6 points wide"),
    ([{"reach": 1.2}], "reach", "a share from 0 to 1"),
    ([{"action": ""}], "action", "an action needs a name"),
    ([{}, {"action": "a0"}], "action", "named twice"),
    ([{"needs": "a9"}], "needs", "no such action: a9"),
    ([{"needs": "a0"}], "needs", "needs itself"),
    ([{"needs": "a1"}, {"needs": "a2"}, {"needs": "a0"}], "needs", "needs itself round a circle"),
    ([{"excludes": "a0"}], "excludes", "excludes itself"),
    ([{"excludes": "a9"}], "excludes", "no such action"),
    ([{"needs": "a1", "excludes": "a1"}, {}], "needs", "can never be taken"),
    ([{"needs": "a1; a2"}, {"excludes": "a2"}, {}], "needs", "a1 and a2 exclude each other"),
])  # fmt: skip
def test_faulty_cells_are_named(rows: list[dict[str, Any]], column: str, problem: str) -> None:
    with pytest.raises(DataError, match="the actions of data frame can't be used") as caught:
        read_actions(table(*rows), SCALE)
    cases = caught.value.cases
    assert ((cases["column"] == column) & cases["problem"].str.contains(problem)).any()
    assert (cases["row"] >= 2).all()


def test_all_faults_at_once() -> None:
    with pytest.raises(DataError) as caught:
        read_actions(table({"cost": -1}, {"target": "x"}, {"needs": "a7"}), SCALE)
    assert caught.value.cases["row"].tolist() == [2, 3, 4]
    with pytest.raises(DataError, match="no column 'gain'"):
        read_actions(table({}).drop(columns="gain"), SCALE)
    with pytest.raises(DataError, match="has no actions"):
        read_actions(table({}).iloc[:0], SCALE)
    with pytest.raises(SpecError, match="mean nothing here"):
        read_actions(table({}), SCALE, columns={"price": "cost"})


@pytest.mark.parametrize(("change", "words"), [
    ({"budget": -1}, "budget=-1"), ({"budget": float("nan")}, "budget=nan"), ({"draws": 0}, "draws=0"), ({"level": 95}, "level=95"),
    ({"gains": "best"}, "gains='best'"), ({"minimum": {"boss": 1}}, "'boss'"), ({"minimum": {"store": -1}}, "'store'"),
    ({"room": {"speed": 1}}, "'speed'"), ({"room": {"REL1": -0.2}}, "'REL1'"), ({"minimum": {"store": 99}}, "no set of actions"),
])  # fmt: skip
def test_wrong_calls(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        choose_actions(SIX, **{"budget": 300, "importance": DIMENSIONS, **change})


def test_what_is_given_stays_as_it_is() -> None:
    frame = table({}, {"target": "empathy"})
    before = frame.copy()
    read = read_actions(frame, SCALE)
    kept = read.frame.copy()
    choose_actions(read, 150, importance=DIMENSIONS).what_would_change()
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(read.frame, kept)


# --- pictures ----------------------------------------------------------------------------------------------


def test_pictures_show_the_numbers() -> None:
    found = choose_actions(SIX, 300, importance=DIMENSIONS, draws=200)
    for language in ("en", "zh"):
        shown = found.in_language(language)
        ax = shown.plot(new_axes())
        marks = {each.get_label(): each for each in ax.collections}
        drawn = np.sort(np.asarray(marks["taken"].get_offsets())[:, 0])
        assert drawn == pytest.approx(np.sort(found.frame.loc[found.frame["chosen"], "benefit"].to_numpy()))
        assert len(marks["left"].get_offsets()) == (~found.frame["chosen"]).sum()
        curve = {line.get_label(): line for line in shown.frontier.plot(new_axes()).lines}
        assert curve["best"].get_ydata()[:-1] == pytest.approx(found.frontier.frame["benefit"].to_numpy())
        assert curve["asked"].get_xdata()[0] == 300
    nothing = choose_actions(
        made({"cost": 50, "gain": 0, "gain_low": 0, "gain_high": 0}), 100, importance=DIMENSIONS, draws=2
    )
    with pytest.raises(SpecError, match="no frontier to draw"):
        nothing.frontier.plot(new_axes())
    assert nothing.plot(new_axes()).get_yticklabels()[0].get_text() == "a0"


def test_a_rival_that_is_left_though_the_best_set_has_it_more_often_is_told():
    """Two that exclude each other: most likely gains .29 and .30, but the first may be 1.2: chosen is the second, likelier best the first."""
    table = pd.DataFrame({"action": ["app", "counter"], "target": "reliability", "owner": "store", "cost": 50, "gain": [0.29, 0.30],
                          "gain_low": [0.05, 0.29], "gain_high": [1.2, 0.31], "excludes": ["counter", ""]})  # fmt: skip
    instrument = load_instrument("servqual-22")
    weights = {each.id: 1 for each in instrument.dimensions}
    found = choose_actions(read_actions(table, instrument), 50, importance=weights)
    chance = found.frame.set_index("action")["chance"]
    assert found.chosen == ("counter",)
    assert chance["app"] > chance["counter"]
    shown = [f"{100 * chance[name]:.0f}%" for name in ("app", "counter")]
    assert (
        "Yet app is left since counter excludes it, but is in the best set more often ({} against {})".format(*shown)
        in found.sentence()
    )
    assert "与“counter”互斥的“app”更常属于最佳组合（{} 对 {}）".format(*shown) in found.in_language("zh").sentence()
    free = choose_actions(read_actions(table.drop(columns="excludes"), instrument), 50, importance=weights)
    assert "Yet" not in free.sentence()
