"""Evaluated performance and normed quality: hand computation, and what they must equal where the ideal is the top.

Authorities: Teas' formulas worked by hand on small tables; ``score_gaps`` and ``score_performance``, to which both reduce where
more is always better; ``scipy.stats`` t tests on distances of persons; identities. Tolerance: 1e-9 relative between two ways
to the same number.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Bootstrap, Responses, SampleDesign, load_instrument, score_gaps, score_performance
from servqual.disconfirmation import _whole_numbers, evaluated_performance
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from survey_design.errors import SpecError

FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
REL = 1e-9
KINDS = {"items": "item", "dimensions": "dimension", "total": "total"}
DESIGN = SampleDesign(strata="stratum", clusters="store", weight="weight")


def instrument(sizes, forms=("expectation", "perception")) -> Instrument:
    """Items a0, a1, b0, ... in dimensions a, b, asked as E_, P_, D_."""
    text = {"en": "text"}
    asked = tuple(Form(form, f"{form[0].upper()}_{{id}}") for form in forms)
    items = tuple(Item(f"{d}{k}", d, {"en": f"{d}{k}"}, text) for d, size in sizes.items() for k in range(size))
    return Instrument("ideal", "1", text, "", Scale(1, 7), asked, tuple(Dimension(d, {"en": d}) for d in sizes), items)


ASKED = instrument({"a": 2, "b": 1})
ALONE = instrument({"a": 2, "b": 1}, ("perception",))
ITEMS = [item.id for item in ASKED.items]


def answers(seed, n=60, missing=0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = {
        f"{letter}_{item}": rng.integers(low, 8, n).astype(float)
        for letter, low in (("E", 4), ("P", 2))
        for item in ITEMS
    }
    frame = pd.DataFrame(values).mask(rng.random((n, 2 * len(ITEMS))) < missing)
    store = np.r_[np.arange(8), rng.integers(0, 8, n - 8)]
    stratum = np.where(store < 4, "north", "south")
    return frame.assign(store=store, stratum=stratum, group=rng.choice(["x", "y"], n), weight=rng.integers(1, 9, n) / 4)


def distances(frame, letter, ideal, used):
    """(n,) minus the mean distance of persons from the ideal; nan where an answer is missing."""
    return -sum((frame[f"{letter}_{item}"] - ideal[item]).abs() for item in used) / len(used)


# --- by hand -----------------------------------------------------------------------------------------------

HAND = pd.DataFrame({
    "P_a0": [6, 4, 7], "P_a1": [5, 5, 2], "P_b0": [3, 6, 6],
    "E_a0": [7, 6, 7], "E_a1": [5, 6, 4], "E_b0": [5, 5, 7],
})  # fmt: skip
IDEAL = {"a0": 6, "a1": 4, "b0": 5}
# |P - I|: a0 0 2 1, a1 1 1 2, b0 2 1 1;  |E - I|: a0 1 0 1, a1 1 2 0, b0 0 0 2


def test_by_hand():
    scores = evaluated_performance(Responses(HAND, ASKED), ideal=IDEAL)
    items = scores.to_frame("items").set_index("item")
    assert items["evaluated"].tolist() == pytest.approx([-3 / 3, -4 / 3, -4 / 3])
    assert items["norm"].tolist() == pytest.approx([-2 / 3, -3 / 3, -2 / 3])
    assert items["normed"].tolist() == pytest.approx([-1 / 3, -1 / 3, -2 / 3])
    dimensions = scores.to_frame().set_index("dimension")
    # persons in dimension a: EP -1/2, -3/2, -3/2; Qe -2/2, -2/2, -1/2
    assert dimensions.loc["a", ["evaluated", "norm", "normed"]].tolist() == pytest.approx([-7 / 6, -5 / 6, -2 / 6])
    assert dimensions.loc["a", "se"] == pytest.approx(np.std([-0.5, -1.5, -1.5], ddof=1) / np.sqrt(3))
    assert dimensions.loc["a", "normed_se"] == pytest.approx(np.std([0.5, -0.5, -1.0], ddof=1) / np.sqrt(3))
    total = scores.to_frame("total").set_index("total")
    # persons over all three items: EP sums -3, -4, -4; Qe sums -2, -2, -3
    assert total["evaluated"].to_dict() == pytest.approx({"mean": -11 / 9, "sum": -11 / 3})
    assert total["normed"].to_dict() == pytest.approx({"mean": -4 / 9, "sum": -4 / 3})


def test_importance_by_hand():
    """Weights 1 : 3 : 2 average 1 within each row: dimension a has 0.5 and 1.5, the total 0.5, 1.5 and 1."""
    scores = evaluated_performance(Responses(HAND, ASKED), ideal=IDEAL, importance={"a0": 0.25, "a1": 0.75, "b0": 0.5})
    persons_a = [-(0.5 * 0 + 1.5 * 1) / 2, -(0.5 * 2 + 1.5 * 1) / 2, -(0.5 * 1 + 1.5 * 2) / 2]
    row = scores.to_frame().set_index("dimension").loc["a"]
    assert row["evaluated"] == pytest.approx(np.mean(persons_a))
    assert row["se"] == pytest.approx(np.std(persons_a, ddof=1) / np.sqrt(3))
    sums = [-(0 + 1.5 * 1 + 2), -(0.5 * 2 + 1.5 * 1 + 1), -(0.5 * 1 + 1.5 * 2 + 1)]
    total = scores.to_frame("total").set_index("total")["evaluated"]
    assert total.to_dict() == pytest.approx({"mean": np.mean(sums) / 3, "sum": np.mean(sums)})
    items = scores.to_frame("items")["evaluated"]
    assert items.tolist() == pytest.approx([-1, -4 / 3, -4 / 3])
    assert "items weighted by importance as given" in scores.note()


def test_ones_own_ideal_by_hand():
    scores = evaluated_performance(Responses(HAND, ASKED), ideal="expectation")
    items = scores.to_frame("items").set_index("item")["evaluated"]
    assert items.tolist() == pytest.approx([-(1 + 2 + 0) / 3, -(0 + 1 + 2) / 3, -(2 + 1 + 1) / 3])
    assert "normed" not in scores.to_frame().columns
    assert "so NQ would equal EP" in scores.note()
    assert "what each respondent named in the expectation form" in scores.note()


def test_more_can_be_worse():
    """Teas' point: beyond the ideal the gap P - E rises and quality falls."""
    frame = pd.DataFrame(
        {f"{letter}_{item}": values for letter, values in (("E", [4, 4, 4, 4]), ("P", [5, 6, 5, 6])) for item in ITEMS}
    )
    more = frame.assign(**{f"P_{item}": frame[f"P_{item}"] + 1 for item in ITEMS})
    gaps = [score_gaps(Responses(each, ASKED)).to_frame()["gap"][0] for each in (frame, more)]
    quality = [
        evaluated_performance(Responses(each, ASKED), ideal=4).to_frame()["evaluated"][0] for each in (frame, more)
    ]
    assert gaps == [1.5, 2.5]
    assert quality == [-1.5, -2.5]


# --- where more is always better ---------------------------------------------------------------------------


@pytest.mark.parametrize("design", [None, DESIGN])
@pytest.mark.parametrize("by", [None, "group"])
@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_with_the_ideal_at_the_top_nq_is_the_servqual_gap(design, by, missing):
    responses = Responses(answers(1, missing=missing), ASKED, design)
    scores = evaluated_performance(responses, ideal=7, by=by)
    gaps = score_gaps(responses, by=by, total="items")
    performance = score_performance(responses, by=by, total="items")
    plain = {"dimensions": performance, "items": performance.items, "total": performance.total}
    for table in KINDS:
        mine, theirs, alone = scores.to_frame(table), gaps.to_frame(table), plain[table].to_frame()
        for name in ("n", "se", "low", "high", "df", "p", "p_adjusted", "deff"):
            np.testing.assert_allclose(mine[f"normed_{name}"], theirs[name], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(mine["normed"], theirs["gap"], rtol=0, atol=1e-12)
        top = np.where(mine.iloc[:, 1 if by else 0].eq("sum"), 7 * len(ITEMS), 7)
        for ours, other in (("evaluated", "perception"), ("low", "low"), ("high", "high")):
            np.testing.assert_allclose(mine[ours] + top, alone[other], rtol=REL)
        for name in ("se", "n", "df", "deff"):
            np.testing.assert_allclose(mine[name], alone[name], rtol=1e-8)


def test_two_files_with_the_ideal_at_the_top_give_the_gap_of_independent_samples():
    perceptions = Responses(answers(2), ALONE, DESIGN)
    frame = answers(3).drop(columns=["group"])
    expectations = Responses(frame, instrument({"a": 2, "b": 1}, ("expectation",)), SampleDesign(weight="weight"))
    both = perceptions.joined_with(expectations)
    scores, gaps = (evaluated_performance(both, ideal=7, by="group"), score_gaps(both, by="group", total="items"))
    for table in KINDS:
        mine, theirs = scores.to_frame(table), gaps.to_frame(table)
        for name in ("se", "low", "high", "df", "p", "deff"):
            np.testing.assert_allclose(mine[f"normed_{name}"], theirs[name], rtol=1e-8, atol=1e-10)
        assert mine["norm_n"].tolist() == theirs["n_expectation"].tolist()
        alone = evaluated_performance(perceptions, ideal=7, by="group").to_frame(table)
        for name in ("evaluated", "se", "low", "high", "n", "df", "deff"):
            np.testing.assert_allclose(mine[name], alone[name], rtol=REL)
    assert "NQ: independent samples" in scores.note()


# --- distances of persons ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.05])
@pytest.mark.parametrize("ideal", [{"a0": 5, "a1": 6, "b0": 4}, {"a0": 5.5, "a1": 6.25, "b0": 4}])
def test_intervals_are_scipys_t_tests_on_distances(missing, ideal):
    frame = answers(4, missing=missing)
    scores = evaluated_performance(Responses(frame, ASKED), ideal=ideal, level=0.9)
    for table, kind in KINDS.items():
        for _, row in scores.to_frame(table).iterrows():
            name = row[kind]
            used = ITEMS if kind == "total" else [item for item in ITEMS if item == name or item[0] == name]
            unit = len(ITEMS) if name == "sum" else 1
            p, e = (unit * distances(frame, letter, ideal, used) for letter in "PE")
            own, both = (
                stats.ttest_1samp(p.dropna(), 0),
                stats.ttest_rel(p[p.notna() & e.notna()], e[p.notna() & e.notna()]),
            )
            bounds = own.confidence_interval(0.9)
            found = [row[column] for column in ("evaluated", "low", "high", "df", "n")]
            assert found == pytest.approx([p.mean(), bounds.low, bounds.high, own.df, p.notna().sum()], rel=REL)
            bounds = both.confidence_interval(0.9)
            found = [row[f"normed_{column}"] for column in ("low", "high", "df", "p")]
            assert found == pytest.approx([bounds.low, bounds.high, both.df, both.pvalue], rel=1e-8, abs=1e-12)


@FEW
@given(SEEDS)
def test_what_holds_for_any_answers(seed):
    frame = answers(seed)
    scores = evaluated_performance(Responses(frame, ASKED), ideal=5, by="group")
    mirrored = frame.assign(**{f"{letter}_{item}": 8 - frame[f"{letter}_{item}"] for letter in "EP" for item in ITEMS})
    reflected = evaluated_performance(Responses(mirrored, ASKED), ideal=3, by="group")
    whole = evaluated_performance(Responses(frame, ASKED), ideal=5)
    for table, kind in KINDS.items():
        found = scores.to_frame(table)
        assert (found["evaluated"] <= 0).all()
        np.testing.assert_allclose(found["normed"], found["evaluated"] - found["norm"], rtol=0, atol=1e-12)
        pd.testing.assert_frame_equal(found, reflected.to_frame(table), rtol=1e-9, atol=1e-12)
        for _, row in whole.to_frame(table).iterrows():
            own = found[found[kind] == row[kind]]
            for name in ("evaluated", "norm", "normed"):
                assert np.average(own[name], weights=own["n"]) == pytest.approx(row[name], rel=1e-12, abs=1e-12)


def test_equal_importance_changes_nothing_and_only_proportions_matter():
    responses = Responses(answers(6, missing=0.05), ASKED)
    plain = evaluated_performance(responses, ideal=5).to_frame("total")
    equal = evaluated_performance(responses, ideal=5, importance=dict.fromkeys(ITEMS, 0.3)).to_frame("total")
    pd.testing.assert_frame_equal(plain, equal, rtol=1e-12)
    some = {"a0": 1, "a1": 2, "b0": 4}
    one, two = (evaluated_performance(responses, ideal=5, importance={i: factor * w for i, w in some.items()}).to_frame("total")
                for factor in (1, 1e-7))  # fmt: skip
    pd.testing.assert_frame_equal(one, two, rtol=1e-12)


def test_an_unimportant_item_need_not_be_answered():
    frame = answers(7)
    frame["P_a1"] = np.nan
    scores = evaluated_performance(Responses(frame, ASKED), ideal=5, importance={"a0": 1, "a1": 0, "b0": 1})
    dimensions, items = scores.to_frame().set_index("dimension"), scores.to_frame("items").set_index("item")
    assert dimensions.loc["a", "evaluated"] == items.loc["a0", "evaluated"]
    assert (items.loc["a1", "n"], items.loc["a1", "reason"]) == (0, "nobody")
    assert scores.sentence("a1") == "a1: no score can be given (nobody answered)."


@pytest.mark.parametrize(
    ("weights", "whole"),
    [([1, 2, 3], [1, 2, 3]), ([0.1, 0.25], [2, 5]), ([1e-12, 3e-12], [1, 3]), ([1e9, 2e9], [1, 2]), ([100, 0], [1, 0])],
)
def test_whole_numbers(weights, whole):
    assert _whole_numbers([float(weight) for weight in weights]) == whole


def test_whole_numbers_keep_nine_digits():
    found = _whole_numbers([1 / 3, 2 / 3, 1.0])
    assert np.array(found) / found[2] == pytest.approx([1 / 3, 2 / 3, 1], rel=1e-8)


# --- designs, forms, words ---------------------------------------------------------------------------------


def test_the_design_and_replicates_count():
    responses = Responses(answers(8, n=400), ASKED, DESIGN)
    taylor = evaluated_performance(responses, ideal=5).to_frame()
    bootstrap = evaluated_performance(responses, ideal=5, interval=Bootstrap(2000, seed=1)).to_frame()
    assert (taylor["df"] == 6).all()
    for name in ("se", "normed_se"):
        np.testing.assert_allclose(bootstrap[name], taylor[name], rtol=0.1)


def test_desired_levels_of_the_zone_form_serve_as_ideals():
    asked = load_instrument("tolerance-22")
    rng = np.random.default_rng(1)
    forms = ("minimum", "desired", "perception")
    frame = pd.DataFrame({column: rng.integers(1, 8, 30) for form in forms for column in asked.columns(form).values()})
    scores = evaluated_performance(Responses(frame, asked), ideal="desired")
    expected = -(frame["P_REL1"] - frame["D_REL1"]).abs().mean()
    assert scores.to_frame("items").set_index("item").loc["REL1", "evaluated"] == pytest.approx(expected)
    assert "no NQ: it needs the expectation form" in scores.note()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_result_shows_itself(language):
    scores = evaluated_performance(Responses(answers(9), ASKED, DESIGN), ideal=5, by="group").in_language(language)
    for result in (scores, scores.items, scores.total):
        for text in (result.to_string(), result.to_markdown(), result.to_html(), result.to_csv()):
            assert text
        headings = [column.heading(language) for column in result.columns()]
        assert len(set(headings)) == len(headings)
    assert (
        scores.title()
        == {
            "en": "Evaluated performance by dimension and group",
            "zh": "各维度的评价绩效（与理想点的距离）（按group）",
        }[language]
    )
    said = scores.sentence("mean", group="x")
    assert ("points from the ideal (EP −" if language == "en" else "与理想点平均相距") in said
    assert ("ideal level 5 as given" if language == "en" else "理想点 5（给定，无误差）") in scores.note()


def test_estimates():
    scores = evaluated_performance(Responses(answers(9), ASKED), ideal=5)
    row = scores.to_frame().iloc[0]
    found = scores.dimensions.estimate("a")
    assert (found.value, found.se, found.low, found.n) == (row["evaluated"], row["se"], row["low"], row["n"])


def test_refusals():
    responses = Responses(answers(10), ASKED)
    for options, message in (
        ({"ideal": "desired"}, "the same people did not answer that form; use one of expectation"),
        ({"ideal": {"a0": 5}}, "ideal lacks the items a1, b0"),
        ({"ideal": {**dict.fromkeys(ITEMS, 5), "c0": 5}}, "ideal names unknown items c0"),
        ({"ideal": 8}, "ideal levels of a0, a1, b0 lie outside the scale 1-7"),
        ({"ideal": float("nan")}, "lie outside the scale"),
        ({"ideal": [5, 5, 5]}, "is not a level"),
        ({"ideal": 5, "importance": {"a0": 1}}, "importance must give a weight to each scored item"),
        ({"ideal": 5, "importance": {"a0": 1, "a1": -1, "b0": 1}}, "weights must be 0 or more"),
        ({"ideal": 5, "importance": {"a0": 0, "a1": 0, "b0": 1}}, "importance gives no weight to any item of 'a'"),
        ({"ideal": 5, "importance": dict.fromkeys(ITEMS, float("nan"))}, "weights must be 0 or more"),
        ({"ideal": 5, "level": 95}, "level=95 must lie between 0 and 1"),
        ({"ideal": 5, "adjust": "hulm"}, "Did you mean 'holm'"),
    ):
        with pytest.raises(SpecError, match=message):
            evaluated_performance(responses, **options)
    with pytest.raises(SpecError, match="by=norm: tables have a column of that name"):
        evaluated_performance(Responses(answers(10).assign(norm="x"), ASKED), ideal=5, by="norm")
    only = Responses(answers(10), instrument({"a": 2, "b": 1}, ("expectation",)))
    with pytest.raises(SpecError, match="holds no perception answers"):
        evaluated_performance(only, ideal=5)


def test_other_peoples_expectations_are_no_ones_own_ideal():
    expectations = Responses(answers(11), instrument({"a": 2, "b": 1}, ("expectation",)))
    both = Responses(answers(12), ALONE).joined_with(expectations)
    with pytest.raises(SpecError, match="the same people did not answer that form; give levels: ideal=7"):
        evaluated_performance(both, ideal="expectation")


def test_items_without_partner_are_named_and_not_scored():
    expectations = Responses(answers(14), instrument({"a": 2}, ("expectation",)))
    scores = evaluated_performance(Responses(answers(15), ALONE).joined_with(expectations), ideal=7)
    assert scores.to_frame("items")["item"].tolist() == ["a0", "a1"]
    assert "without partner in the other file, so not scored: b0 (perception)" in scores.note()


def test_what_the_caller_gave_is_left_alone():
    frame = answers(13, missing=0.02)
    responses = Responses(frame, ASKED)
    before, kept = frame.copy(), responses.frame.copy()
    evaluated_performance(responses, ideal=5, by="group")
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(responses.frame, kept)
