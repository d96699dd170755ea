"""The search behind the choice of actions: the best set of every draw, proven.

Authorities:

* every set written out with itertools, benefit by benefit as the docstring of ``programme`` says, up to 9 actions: 1e-12;
* scipy's milp (HiGHS) on a programme written here anew, 18 to 24 actions: to the solver's own tolerance, and never below it;
* published knapsack problems: ``test_actions.py``.

Below these stand identities, ties, and the way out to the solver.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import servqual.priorities.search as chapter
from servqual.priorities.programme import Rules, Units, prices, solved_cost, solved_set, units_of
from servqual.priorities.search import best_set, best_sets, cheapest_cost

Array = NDArray[Any]
SEEDS = st.integers(0, 2**32 - 1)
DIMENSIONS = np.repeat(np.arange(5), [5, 4, 4, 5, 4])  # of 22 items


def problem(
    seed: int, n: int, draws: int, *, tight: bool, links: bool, least: bool
) -> tuple[Rules, Units, Array, Array]:
    """Actions on items and dimensions, some of which need or exclude others; gains below 0 in some draws."""
    rng = np.random.default_rng(seed)
    items = len(DIMENSIONS)
    touches = np.zeros((items, n))
    for a in range(n):
        touches[rng.integers(5) == DIMENSIONS if rng.random() < 0.35 else rng.integers(items), a] = 1
    room = rng.uniform(0.1, 0.9, items) if tight else np.full(items, 6.0)
    units, (weight,) = units_of(touches, room, [rng.dirichlet(np.full(items, 3.0), draws)])
    rise = (rng.uniform(0.1, 1.2, n) + rng.normal(0, 0.3, (draws, n))) * rng.uniform(0.2, 1, n)
    pairs = [(a, int(rng.integers(a)), rng.random()) for a in range(1, n) if links]
    owner = rng.integers(0, 3, n)
    minima = tuple((tuple(np.flatnonzero(owner == o).tolist()), min(2, int((owner == o).sum()))) for o in range(2)
                   if least and (owner == o).any())  # fmt: skip
    cost = rng.integers(0, 200, n) * 1000.0 if seed % 3 else np.round(10 ** rng.uniform(-2, 5, n), 3)
    rules = Rules(cost, float(np.round(cost.sum() * rng.uniform(0.1, 0.7), 2)), tuple((a, b) for a, b, u in pairs if u < 0.15),
                  tuple((b, a) for a, b, u in pairs if 0.15 <= u < 0.3), minima)  # fmt: skip
    return rules, units, rise, weight


def allowed(rules: Rules, chosen: tuple[bool, ...]) -> bool:
    """The rules but the budget, one by one."""
    return (all(chosen[b] or not chosen[a] for a, b in rules.needs) and not any(chosen[a] and chosen[b] for a, b in rules.excludes)
            and all(sum(chosen[a] for a in members) >= number for members, number in rules.least))  # fmt: skip


def brings(units: Units, chosen: Any, rise: Array, weight: Array) -> float:
    """``sum_u w_u min(room_u, sum_a r_a x_a)``, unit by unit."""
    return float(sum(w * min(room, sum(r for a, r in enumerate(rise) if chosen[a] and row[a]))
                     for row, room, w in zip(units.touches, units.room, weight, strict=True)))  # fmt: skip


def by_milp(rules: Rules, units: Units, rise: Array, weight: Array, charge: Array) -> float:
    """The most that benefit less charge can be: a variable z_u for what each unit gains, ``z <= room``, ``z <= sum r x``."""
    n, k = rules.n, len(units.room)
    lines = [(np.append(rules.cost, np.zeros(k)), -np.inf, rules.budget)]
    for a, b, top in [*((a, b, 0) for a, b in rules.needs), *((a, b, 1) for a, b in rules.excludes)]:
        line = np.zeros(n + k)
        line[a], line[b] = 1, 1 if top else -1
        lines.append((line, -np.inf, top))
    for members, number in rules.least:
        line = np.zeros(n + k)
        line[list(members)] = 1
        lines.append((line, number, np.inf))
    for u in range(k):
        line = np.append(-units.touches[u] * rise, np.eye(k)[u])
        lines.append((line, -np.inf, 0.0))
    found = scipy.optimize.milp(
        1e4 * np.append(charge, -weight), integrality=np.append(np.ones(n), np.zeros(k)),
        constraints=scipy.optimize.LinearConstraint(*(np.array(each) for each in zip(*lines, strict=True))),
        bounds=scipy.optimize.Bounds(np.append(np.zeros(n), np.full(k, -np.inf)), np.append(np.ones(n), units.room)),
        options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    if found.x is None:
        return -np.inf
    chosen = found.x[:n] > 0.5
    return brings(units, chosen, rise, weight) - float(charge[chosen].sum())


# --- authorities -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 9), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_every_set_written_out(seed: int, n: int, tight: bool, links: bool, least: bool, held: bool) -> None:
    rules, units, rise, weight = problem(seed, n, 3, tight=tight, links=links, least=least)
    fixed = {n // 2: seed % 2} if held else {}
    whole = [chosen for chosen in product((False, True), repeat=n) if allowed(rules, chosen)]
    sets = [
        chosen
        for chosen in whole
        if rules.cost @ chosen <= rules.budget + rules.slack and all(chosen[a] == v for a, v in fixed.items())
    ]
    found = best_sets(rules, units, rise, weight, fixed=fixed)
    charge = prices(rules, units, rise, weight)
    assert (found is None) == (not sets)
    cheapest = min(rules.cost @ chosen for chosen in whole) if whole else None
    assert cheapest_cost(rules, units) == pytest.approx(cheapest, abs=1e-9)
    assert solved_cost(rules, units) == pytest.approx(cheapest, abs=1e-9)
    for k, chosen in enumerate([] if found is None else found):
        assert tuple(chosen) in sets
        own = brings(units, chosen, rise[k], weight[k]) - charge[k] @ chosen
        best = max(brings(units, each, rise[k], weight[k]) - charge[k] @ each for each in sets)
        assert own == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("least", [False, True])
def test_against_milp(tight: bool, links: bool, least: bool) -> None:
    for seed, n in ((1, 18), (2, 21), (3, 24)):
        rules, units, rise, weight = problem(seed, n, 3, tight=tight, links=links, least=least)
        charge = prices(rules, units, rise, weight)
        solved = [by_milp(rules, units, *each) for each in zip(rise, weight, charge, strict=True)]
        found = best_sets(rules, units, rise, weight)
        if found is None:
            assert solved == [-np.inf] * 3
            continue
        assert (found @ rules.cost <= rules.budget + rules.slack).all()
        assert all(allowed(rules, tuple(each)) for each in found)
        own = np.array([brings(units, *each) for each in zip(found, rise, weight, strict=True)]) - (found * charge).sum(
            axis=1
        )
        assert own == pytest.approx(solved, abs=2e-7)
        assert (own >= np.array(solved) - 1e-12).all()


# --- identities --------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.booleans())
def test_no_price_brings_the_bound_below_the_best_set(seed: int, tight: bool) -> None:
    """Lagrange: at any prices of 0 or more; and the prices chosen are no worse than others."""
    rules, units, rise, weight = problem(seed, 12, 4, tight=tight, links=True, least=False)
    apart = units.tight(rise)
    parts = chapter._parts(rules, units.touches[apart], {})
    assert parts is not None
    charge = prices(rules, units, rise, weight)
    values = chapter._values(parts, units, rise, weight, apart, charge)
    found = best_sets(rules, units, rise, weight)
    assert found is not None
    best = units.benefit(found, rise, weight) - (found * charge).sum(axis=1)
    chosen = chapter._best_prices(parts, values)
    lowest = chapter._bound(parts, values, chosen)[0]
    assert (lowest >= best - 1e-12).all()
    rng = np.random.default_rng(seed)
    for scale in (0.0, 0.5, 0.9, 1.1, 2.0):
        tried = chosen.copy()
        tried[:, 0] *= scale
        bound = chapter._bound(parts, values, tried)[0]
        assert (bound >= best - 1e-12).all()
        if len(parts.limit) == 1:
            assert (bound >= lowest * (1 - 1e-9)).all()
        anywhere = rng.exponential(1e-5, tried.shape)
        assert (chapter._bound(parts, values, anywhere)[0] >= best - 1e-12).all()


def test_draws_together_are_draws_one_by_one() -> None:
    """What earlier draws found, or what is known beforehand, changes nothing."""
    rules, units, rise, weight = problem(5, 17, 40, tight=True, links=True, least=True)
    found = best_sets(rules, units, rise, weight)
    assert found is not None
    assert (best_sets(rules, units, rise, weight, known=found[::7]) == found).all()
    for k in range(0, 40, 5):
        one = best_set(rules, units, rise[k], weight[k])
        assert one is not None
        assert (one.chosen == found[k]).all()
        assert one.benefit == pytest.approx(brings(units, found[k], rise[k], weight[k]), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "value"), [("_WRITTEN", 0), ("_ROWS", 2), ("_PACKED", 0), ("_JOINED", 1), ("_BEAM", 1)]
)
def test_the_way_does_not_matter(monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    """Parts too large to write down and beginnings too many to hold go to the solver; rules between parts become rows: the same sets."""
    rules, units, rise, weight = problem(8, 9, 6, tight=True, links=True, least=True)
    usual = best_sets(rules, units, rise, weight)
    least = cheapest_cost(rules, units)
    monkeypatch.setattr(chapter, name, value)
    assert usual is not None
    assert (best_sets(rules, units, rise, weight) == usual).all()
    assert cheapest_cost(rules, units) == pytest.approx(least)


def test_equal_actions_are_soon_told_apart_by_nothing() -> None:
    """Thirty alike: any ten of them, and the same ten in every draw; of equally good sets the cheaper."""
    n = 30
    units, rules = Units(np.eye(n), np.full(n, 6.0)), Rules(np.full(n, 10.0), 105.0)
    found = best_sets(rules, units, np.full((50, n), 0.1), np.ones((50, n)))
    assert found is not None
    assert (found.sum(axis=1) == 10).all()
    assert (found == found[0]).all()
    dearer = Rules(np.append(np.full(n - 1, 10.0), 11.0), 11.0)
    cheap = best_set(dearer, units, np.full(n, 0.1), np.ones(n))
    assert cheap is not None
    assert not cheap.chosen[-1]


def test_nothing_to_choose_from() -> None:
    units = Units(np.eye(3), np.ones(3))
    free = best_set(Rules(np.zeros(3), 0.0), units, np.array([0.5, -0.1, 0.0]), np.ones(3))
    assert free is not None
    assert free.chosen.tolist() == [True, False, False]  # what brings nothing is left
    poor = Rules(np.full(3, 5.0), 4.0, least=(((0, 1), 1),))
    assert best_set(poor, units, np.ones(3), np.ones(3)) is None
    assert cheapest_cost(poor, units) == 5.0
    never = Rules(np.full(3, 5.0), 50.0, excludes=((0, 1),), least=(((0, 1), 2),))
    assert cheapest_cost(never, units) is None
    assert best_set(never, units, np.ones(3), np.ones(3)) is None
    assert best_set(Rules(np.full(3, 5.0), 4.0), units, np.ones(3), np.ones(3), fixed={1: 1}) is None


def test_solver_says_the_same() -> None:
    """The programme that is left for what is too large, on problems that are not."""
    for seed in range(4):
        rules, units, rise, weight = problem(seed, 10, 1, tight=True, links=True, least=False)
        one, other = best_set(rules, units, rise[0], weight[0]), solved_set(rules, units, rise[0], weight[0])
        assert one is not None
        assert other is not None
        assert (one.chosen == other.chosen).all()
        assert other.bound == pytest.approx(one.bound, abs=1e-6)
