"""Scores of visits from shares of points.

Authorities: plain loops over visits and items, written here without arrays; the reference results of mystery visits made
in R (test_mystery_scores.py). Identities hold for any answers.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.mystery import blocks as chunked
from servqual.mystery.blocks import score_points
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
from servqual.mystery.points import Answers, PointPlan, violated
from survey_design.errors import SpecError

# --- by hand -----------------------------------------------------------------------------------------------


def by_hand(plan, shares, weight, final):
    """Indicators, categories and totals of one visit, with loops; ``final`` applies vetoes and caps."""
    reaches = ("indicator", "category", "visit")
    zero = [j for j in range(len(shares)) if shares[j] == 0]

    def held(value, level, members):
        for j in zero:
            if final and j in members:
                struck = plan.veto[j] and (level == "indicator" or level == plan.veto_rule)
                value = min(value, 0.0 if struck else plan.caps[j][reaches.index(level)])
        return value

    indicators, categories, totals = [], [], []
    for k in range(len(plan.category)):
        members = [j for j in range(len(shares)) if plan.indicator[j] == k]
        there = [j for j in members if not math.isnan(shares[j])]
        possible = sum(plan.points[j] for j in there)
        value = 100 * sum(plan.points[j] * shares[j] for j in there) / possible if there else math.nan
        indicators.append(held(value, "indicator", members) if there else math.nan)
    bases = []
    for c in range(len(plan.group)):
        own = [k for k in range(len(plan.category)) if plan.category[k] == c]
        there = [k for k in own if not math.isnan(indicators[k])]
        base = sum(weight[k] for k in there)
        value = sum(weight[k] * indicators[k] for k in there) / base if base > 0 else math.nan
        members = [j for j in range(len(shares)) if plan.indicator[j] in own]
        categories.append(held(value, "category", members) if base > 0 else math.nan)
        bases.append((sum(weight[k] for k in own) if plan.rebase == "within" else base) if base > 0 else 0.0)
    for g in range(plan.groups):
        own = [c for c in range(len(plan.group)) if plan.group[c] == g]
        base = sum(bases[c] for c in own)
        value = sum(bases[c] * categories[c] for c in own if bases[c] > 0) / base if base > 0 else math.nan
        members = [j for j in range(len(shares)) if plan.category[plan.indicator[j]] in own]
        totals.append(held(value, "visit", members) if base > 0 else math.nan)
    return indicators, categories, totals


@st.composite
def studies(draw):
    """A plan, the shares of some visits, and perhaps weights by store."""
    seed = draw(st.integers(0, 2**32 - 1))
    g = np.random.default_rng(seed)
    c, k = int(g.integers(1, 4)), int(g.integers(3, 6))
    category = np.sort(np.r_[np.arange(c), g.integers(0, c, k - c)])
    p = int(g.integers(k, 12))
    indicator = np.sort(np.r_[np.arange(k), g.integers(0, k, p - k)])
    group = np.r_[0, g.integers(0, 2, c - 1)] if draw(st.booleans()) else np.zeros(c, dtype=int)
    weight = g.dirichlet(np.ones(k))
    points = g.integers(1, 6, p).astype(float) if draw(st.booleans()) else g.uniform(0.1, 3, p)
    caps = np.where(g.random((p, 3)) < 0.1, g.uniform(0, 100, (p, 3)), np.inf)
    plan = PointPlan(
        points, indicator, category, group, weight, g.random(p) < 0.3, caps,
        draw(st.sampled_from(["indicator", "category", "visit"])), draw(st.sampled_from(["overall", "within"])),
    )  # fmt: skip
    n = draw(st.integers(1, 8))
    levels = draw(st.sampled_from([[0, 1], [0, 0.25, 0.5, 1], None]))
    shares = g.random((n, p)).round(3) if levels is None else g.choice(levels, (n, p))
    shares = np.where(g.random((n, p)) < 0.15, 0.0, shares)
    shares = np.where(g.random((n, p)) < draw(st.sampled_from([0, 0.2, 0.6])), np.nan, shares)
    return plan, shares, g


@settings(max_examples=150, deadline=None)
@given(studies())
def test_scores_are_those_of_plain_loops(study):
    plan, shares, _ = study
    scored = score_points(plan, Answers.of(shares))
    for final, found in ((False, scored.raw), (True, scored.final)):
        for row, visit in enumerate(shares):
            expected = by_hand(plan, visit.tolist(), plan.weight.tolist(), final)
            for one, other in zip((found.indicator, found.category, found.total), expected, strict=True):
                np.testing.assert_allclose(one[row], other, rtol=1e-11, atol=1e-11)


@settings(max_examples=40, deadline=None)
@given(studies())
def test_every_store_may_have_its_own_weights(study):
    plan, shares, g = study
    weights = g.dirichlet(np.ones(len(plan.weight)), 3)
    which = g.integers(0, 3, len(shares))
    scored = score_points(plan, Answers.of(shares), weights, which)
    for row, visit in enumerate(shares):
        expected = by_hand(plan, visit.tolist(), weights[which[row]].tolist(), True)
        np.testing.assert_allclose(scored.final.total[row], expected[2], rtol=1e-11, atol=1e-11)


# --- rules -------------------------------------------------------------------------------------------------


def shop(**options):
    """Two categories, three indicators; ``rude`` is a veto item."""
    categories = (Category("people", {"en": "People"}, 0.6), Category("place", {"en": "Place"}, 0.4))
    indicators = (
        Indicator("attitude", {"en": "Attitude"}, "people", 0.5),
        Indicator("skill", {"en": "Skill"}, "people", 0.5),
        Indicator("clean", {"en": "Clean"}, "place", 1.0),
    )
    items = (
        ChecklistItem("greet", {"en": "Greets"}, "attitude", points=3),
        ChecklistItem("rude", {"en": "Not rude"}, "attitude", veto=True),
        ChecklistItem("knows", {"en": "Knows"}, "skill", points=2),
        ChecklistItem("floor", {"en": "Floor"}, "clean"),
        ChecklistItem("desk", {"en": "Desk"}, "clean"),
    )
    return Checklist("shop", "1", {"en": "Shop"}, categories, indicators, items, languages=("en",), **options)


def test_rule_9_a_veto_zeroes_its_indicator_and_no_other():
    shares = np.array([[1, 0, 1, 1, 0.0]])
    scored = score_points(PointPlan.of(shop()), Answers.of(shares))
    assert scored.raw.indicator.tolist() == [[75, 100, 50]]
    assert scored.final.indicator.tolist() == [[0, 100, 50]]
    assert scored.final.category.tolist() == [[50, 50]]
    assert scored.final.total.tolist() == [[50]]


@pytest.mark.parametrize(("rule", "category", "total"), [("category", 0.0, 20.0), ("visit", 50.0, 0.0)])
def test_stricter_vetoes_reach_further(rule, category, total):
    scored = score_points(PointPlan.of(shop(veto_rule=rule)), Answers.of(np.array([[1, 0, 1, 1, 0.0]])))
    assert scored.final.indicator.tolist() == [[0, 100, 50]]
    assert scored.final.category[0, 0] == category
    assert scored.final.total[0, 0] == pytest.approx(total)


def test_a_veto_item_that_does_not_apply_violates_nothing():
    plan, answers = PointPlan.of(shop()), Answers.of(np.array([[1, np.nan, 1, 1, 1.0]]))
    assert not violated(plan, answers).any()
    assert score_points(plan, answers).final.total.tolist() == [[100]]


def test_what_is_not_applicable_leaves_numerator_and_denominator():
    plan = PointPlan.of(shop())
    scored = score_points(plan, Answers.of(np.array([[1, 1, np.nan, 1, 0.0], [0, 1, 1, np.nan, np.nan]])))
    np.testing.assert_allclose(scored.raw.total[:, 0], [(0.3 * 100 + 0.4 * 50) / 0.7, (0.3 * 25 + 0.3 * 100) / 0.6])
    np.testing.assert_allclose(scored.coverage.total[:, 0], [0.7, 0.6])
    within = score_points(PointPlan.of(shop(rebase="within")), Answers.of(np.array([[1, 1, np.nan, 1, 0.0]])))
    np.testing.assert_allclose(within.raw.total[:, 0], [0.6 * 100 + 0.4 * 50])


def test_missing_is_told_from_not_applicable_and_scored_alike():
    shares = np.array([[1, np.nan, 1, 1, np.nan]])
    answers = Answers.of(shares, missing=np.array([[False, True, False, False, False]]))
    assert answers.missing.tolist() == [[False, True, False, False, False]]
    assert answers.not_applicable.tolist() == [[False, False, False, False, True]]
    plan = PointPlan.of(shop())
    assert score_points(plan, answers).raw.total == score_points(plan, Answers.of(shares)).raw.total


def test_a_visit_with_nothing_applicable_has_no_score():
    scored = score_points(PointPlan.of(shop()), Answers.of(np.full((1, 5), np.nan)))
    assert np.isnan(scored.final.total).all()
    assert scored.coverage.total.tolist() == [[0]]


# --- identities --------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(studies())
def test_all_points_are_100_and_vetoes_only_lower(study):
    plan, shares, _ = study
    whole = score_points(plan, Answers.of(np.ones_like(shares)))
    np.testing.assert_allclose(whole.final.total, 100)
    np.testing.assert_allclose(whole.coverage.total, 1)
    scored = score_points(plan, Answers.of(shares))
    for name in ("indicator", "category", "total"):
        raw, final = getattr(scored.raw, name), getattr(scored.final, name)
        assert np.array_equal(np.isnan(raw), np.isnan(final))
        assert not (final > raw + 1e-9).any()
        assert not (final < -1e-9).any()


@settings(max_examples=60, deadline=None)
@given(studies())
def test_total_is_the_mean_of_its_indicators_by_weight(study):
    plan, shares, _ = study
    if plan.rebase == "within":
        return
    raw = score_points(plan, Answers.of(shares)).raw
    w = np.where(plan.group[plan.category] == 0, plan.weight, 0.0)
    there = ~np.isnan(raw.indicator)
    base = (there * w).sum(axis=1)
    total = np.divide(
        (np.nan_to_num(raw.indicator) * w).sum(axis=1), base, out=np.full(len(base), np.nan), where=base > 0
    )
    np.testing.assert_allclose(raw.total[:, 0], total, rtol=1e-11)


@settings(max_examples=40, deadline=None)
@given(studies())
def test_neither_the_unit_of_points_nor_the_order_of_items_matters(study):
    plan, shares, g = study
    scored = score_points(plan, Answers.of(shares))
    order = g.permutation(shares.shape[1])
    other = PointPlan(
        plan.points[order] * 7.3, plan.indicator[order], plan.category, plan.group, plan.weight, plan.veto[order],
        plan.caps[order], plan.veto_rule, plan.rebase,
    )  # fmt: skip
    again = score_points(other, Answers.of(shares[:, order]))
    np.testing.assert_allclose(again.final.total, scored.final.total, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(again.coverage.category, scored.coverage.category, rtol=1e-10)


def test_many_visits_in_chunks_are_scored_as_each_alone():
    g, plan = np.random.default_rng(3), PointPlan.of(shop())
    shares = np.where(g.random((200_000, 5)) < 0.1, np.nan, (g.random((200_000, 5)) < 0.8).astype(float))
    answers = Answers.of(shares)
    whole, few = score_points(plan, answers), g.integers(0, 200_000, 50)
    alone = score_points(plan, answers.rows(few))
    np.testing.assert_array_equal(whole.final.total[few], alone.final.total)
    np.testing.assert_array_equal(whole.coverage.total[few], alone.coverage.total)


@pytest.mark.parametrize("values", [np.int8, float])
def test_items_may_lie_in_any_order(values):
    """Items in the order of their indicators go through a product in several blocks, mixed ones through one."""
    g, n = np.random.default_rng(17), 500
    indicator, category = np.repeat(np.arange(20), 3), np.arange(20) // 5
    plan = PointPlan(
        g.integers(1, 6, 60).astype(float), indicator, category, np.zeros(4, dtype=int), g.dirichlet(np.ones(20)),
        g.random(60) < 0.1, np.full((60, 3), np.inf),
    )  # fmt: skip
    found = np.where(g.random((n, 60)) < 0.1, -1, g.integers(0, 5, (n, 60))).astype(values)
    order = g.permutation(60)
    mixed = PointPlan(
        plan.points[order], plan.indicator[order], plan.category, plan.group, plan.weight, plan.veto[order],
        plan.caps[order],
    )  # fmt: skip
    one, other = score_points(plan, Answers(found, 4)), score_points(mixed, Answers(found[:, order], 4))
    assert bytes_of(one) == bytes_of(other)
    there = found >= 0
    for k in range(20):
        own = indicator == k
        earned, possible = ((np.where(there, part, 0) * plan.points)[:, own].sum(axis=1) for part in (found / 4, 1))
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(one.raw.column("indicator", k), 100 * earned / possible, rtol=1e-13)


def test_categories_and_indicators_may_be_mixed():
    g, shares = np.random.default_rng(19), np.random.default_rng(18).integers(0, 3, (200, 12)) / 2
    shares[g.random(shares.shape) < 0.2] = np.nan
    plan = PointPlan(
        np.ones(12), np.tile(np.arange(6), 2), np.array([0, 1, 0, 1, 2, 0]), np.array([0, 1, 0]), np.full(6, 1 / 6),
        np.arange(12) == 3, np.full((12, 3), np.inf),
    )  # fmt: skip
    scored = score_points(plan, Answers.of(shares))
    for row, visit in enumerate(shares):
        for found, final in ((scored.raw, False), (scored.final, True)):
            expected = by_hand(plan, visit.tolist(), plan.weight.tolist(), final)
            for one, other in zip((found.indicator, found.category, found.total), expected, strict=True):
                np.testing.assert_allclose(one[row], other, rtol=1e-12)


def test_a_total_that_nothing_belongs_to_has_no_score():
    plan = PointPlan(
        np.ones(2), np.array([0, 1]), np.array([0, 0]), np.array([1]), np.array([0.5, 0.5]), np.zeros(2, dtype=bool),
        np.full((2, 3), np.inf),
    )  # fmt: skip
    scored = score_points(plan, Answers.of(np.array([[1.0, 0.5], [0.0, 1.0]])))
    assert np.isnan(scored.raw.total[:, 0]).all()
    assert scored.raw.total[:, 1].tolist() == [75.0, 50.0]


def test_what_no_veto_can_touch_is_kept_once():
    scored = score_points(PointPlan.of(shop()), Answers.of(np.array([[1, 0, 1, 1, 0.0], [1, 1, 1, 1, 1.0]])))
    shared = [before is after for before, after in zip(scored.raw.columns, scored.final.columns, strict=True)]
    assert shared == [False, True, True, False, True, False]  # attitude, skill, clean; people, place; total


def test_points_beyond_two_bytes_are_kept_whole():
    plan = PointPlan(
        np.array([50_000.0, 30_000]), np.zeros(2, dtype=int), np.zeros(1, dtype=int), np.zeros(1, dtype=int),
        np.ones(1), np.zeros(2, dtype=bool), np.full((2, 3), np.inf),
    )  # fmt: skip
    scored = score_points(plan, Answers.of(np.array([[1.0, 0.0], [1.0, 1.0], [0.01, 1.0]])))
    np.testing.assert_allclose(scored.raw.indicator[:, 0], [62.5, 100, 38.125], rtol=1e-14)
    assert scored.coverage.indicator[:, 0].tolist() == [1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(studies())
def test_nothing_is_above_the_top(study):
    plan, shares, g = study
    for found in (shares, np.ones_like(shares), np.where(g.random(shares.shape) < 0.8, 1.0, np.nan)):
        scored = score_points(plan, Answers.of(found))
        for kind, top in ((scored.raw, 100), (scored.final, 100), (scored.coverage, 1)):
            for part in (kind.indicator, kind.category, kind.total):
                known = part[~np.isnan(part)]
                assert known.min(initial=0) >= 0
                assert known.max(initial=0) <= top


@pytest.mark.parametrize("unit", [1, 2, 4, 10, 12, 20, 60, 100])
def test_all_points_are_exactly_100(unit):
    plan = PointPlan.of(shop())
    scored = score_points(plan, Answers(np.full((2, 5), unit, dtype=np.int8), unit))
    assert (scored.raw.indicator == 100).all()


def bytes_of(scored):
    """The bytes of all scores, in the order of visits."""
    kinds = (scored.raw, scored.final, scored.coverage)
    return [
        np.ascontiguousarray(part).tobytes() for kind in kinds for part in (kind.indicator, kind.category, kind.total)
    ]


@pytest.mark.parametrize("levels", [[0, 1], [0, 0.25, 0.5, 1], [0, 0.123456789, 1 / 7, 1]])
@pytest.mark.parametrize("by_store", [False, True])
def test_chunks_of_any_size_give_the_same_bytes(monkeypatch, levels, by_store):
    g, n = np.random.default_rng(11), 3_000
    plan = PointPlan(
        g.integers(1, 6, 30).astype(float), np.arange(30) // 3, np.r_[np.zeros(9, dtype=int), 1], np.array([0, 1]),
        np.r_[g.dirichlet(np.ones(9)), 1.0], g.random(30) < 0.2, np.where(g.random((30, 3)) < 0.05, 40.0, np.inf),
    )  # fmt: skip
    shares = np.where(g.random((n, 30)) < 0.2, np.nan, g.choice(levels, (n, 30)))
    weights = (g.dirichlet(np.ones(10), 5), g.integers(0, 5, n)) if by_store else ()
    whole = bytes_of(score_points(plan, Answers.of(shares), *weights))
    for rows in (1, 7, 1_000):  # the first two on two threads
        monkeypatch.setattr(chunked, "_CHUNK", rows)
        assert bytes_of(score_points(plan, Answers.of(shares), *weights)) == whole


@pytest.mark.parametrize(
    ("points", "levels"),
    [
        ([5.0, 3, 1, 2, 4, 5], [0, 0.01, 0.99, 1]),  # whole numbers of single precision
        ([99.999, 0.001, 50.001, 7, 12.125, 3.7], [0, 0.01, 0.99, 1]),  # of double precision
        ([np.pi, np.e, 1, 2, 3, 4], [0, 0.5, 1]),  # points that are no whole numbers of anything
        ([5.0, 3, 1, 2, 4, 5], [0, np.pi / 4, 1]),  # shares that are not
    ],
)
def test_sums_are_those_of_plain_loops_however_they_are_made(points, levels):
    g = np.random.default_rng(5)
    plan = PointPlan(
        np.array(points), np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1]), np.array([0, 0]), np.array([0.5, 0.3, 0.2]),
        np.array([True, False, False, False, True, False]), np.full((6, 3), np.inf),
    )  # fmt: skip
    shares = np.concatenate([np.ones((1, 6)), np.zeros((1, 6)), g.choice(levels, (60, 6))])
    shares[2:][g.random((60, 6)) < 0.3] = np.nan
    scored = score_points(plan, Answers.of(shares, missing=g.random(shares.shape) < 0.5))
    assert scored.raw.indicator[0].tolist() == [100, 100, 100]
    assert scored.raw.indicator[1].tolist() == [0, 0, 0]
    for row, visit in enumerate(shares):
        expected = by_hand(plan, visit.tolist(), plan.weight.tolist(), True)
        np.testing.assert_allclose(scored.final.indicator[row], expected[0], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(scored.final.total[row], expected[2], rtol=1e-12, atol=1e-12)


def test_without_a_violation_scores_before_and_after_are_one():
    scored = score_points(PointPlan.of(shop()), Answers.of(np.array([[0, 1, 1, 0, np.nan]])))
    assert scored.final is scored.raw


# --- answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("levels", "unit"), [([0, 1], 1), ([0, 0.25, 0.75], 4), ([0, 1 / 3, 1], 12), ([0, 0.07], 100)])
def test_shares_that_are_fractions_fit_into_a_byte(levels, unit):
    shares = np.random.default_rng(1).choice([*levels, np.nan], (40, 5))
    answers = Answers.of(shares)
    assert (answers.values.dtype, answers.unit) == (np.int8, unit)
    np.testing.assert_allclose(answers.shares, shares, atol=1e-15)


def test_other_shares_stay_as_they_are():
    shares = np.array([[0.123456789, np.nan]])
    answers = Answers.of(shares)
    assert answers.values.dtype == float
    np.testing.assert_array_equal(answers.shares, shares)


def test_bad_shares_and_wrong_widths_are_refused():
    with pytest.raises(SpecError, match="outside 0 to 1"):
        Answers.of(np.array([[1.2]]))
    with pytest.raises(SpecError, match="answers to 2 items, but the checklist has 5"):
        score_points(PointPlan.of(shop()), Answers.of(np.ones((1, 2))))
