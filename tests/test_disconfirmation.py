"""Evaluated performance and normed quality, and direct disconfirmation: by hand, other programs, identities.

Authorities: Teas' formulas worked by hand on small tables; ``score_gaps`` and ``score_performance``, to which both reduce where
more is always better; ``scipy.stats`` t tests on distances of persons; identities. For direct answers also R 4.2.2 with survey
4.1 (tests/reference/criterion.toml: ``svymean``, ``svyciprop``) and statsmodels' corrected p-values. Tolerance: 1e-9 relative
between two ways to the same number, 1e-10 against R, 1e-7 where R fits iteratively.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Bootstrap, Responses, SampleDesign, load_instrument, score_gaps, score_performance
from servqual.disconfirmation import (
    _whole_numbers,
    direct_answers,
    direct_disconfirmation,
    distances,
    evaluated_performance,
)
from servqual.instruments import Dimension, Form, Instrument, Item, Outcome, Scale
from servqual.responses import Variable
from survey_design.errors import DataError, SpecError

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


def persons_distances(frame, letter, ideal, used):
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
            p, e = (unit * persons_distances(frame, letter, ideal, used) for letter in "PE")
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


def test_distances_of_persons_are_what_is_averaged():
    frame = answers(3, missing=0.1)
    given_ = Responses(frame, ASKED)
    own = distances(given_, IDEAL)
    scores = evaluated_performance(given_, ideal=IDEAL).to_frame("items").set_index("item")
    assert own.mean().tolist() == pytest.approx(scores.loc[own.columns, "evaluated"].tolist(), rel=REL)
    assert own["a0"].tolist() == pytest.approx((-(frame["P_a0"] - 6).abs()).tolist(), nan_ok=True)


# --- asked directly ----------------------------------------------------------------------------------------

OUTCOMES = tuple(
    Outcome(name, f"q_{name}", Scale(low, high), {"en": f"Question {name}", "zh": f"问题{name}"}, {})
    for name, low, high in (("better", -3, 3), ("reliable", 1, 5), ("kind", 1, 5), ("even", 1, 6))
)


def direct_instrument(*forms) -> Instrument:
    """Items a0, a1, b0 asked as P_ and X_, and four outcomes."""
    asked = instrument({"a": 2, "b": 1}, forms or ("perception", "disconfirmation"))
    text = {"perception": "P_{id}", "disconfirmation": "X_{id}", "expectation": "E_{id}"}
    dimensions = tuple(Dimension(d, {"en": f"Side {d}", "zh": f"维度{d}"}) for d in "ab")
    return Instrument(**{**vars(asked), "forms": tuple(Form(form.name, text[form.name]) for form in asked.forms),
                         "outcomes": OUTCOMES, "dimensions": dimensions})  # fmt: skip


DIRECT = direct_instrument()


def direct_frame(seed, n=60, missing=0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = {f"{letter}_{item}": rng.integers(1, 8, n).astype(float) for letter in "PX" for item in ITEMS}
    asked = {"q_better": rng.integers(-3, 4, n), "q_reliable": rng.integers(1, 6, n), "q_kind": rng.integers(1, 6, n)}
    frame = pd.DataFrame({**values, **asked}).mask(rng.random((n, len(values) + 3)) < missing)
    store = np.r_[np.arange(8), rng.integers(0, 8, n - 8)]
    return frame.assign(store=store, group=rng.choice(["x", "y"], n), weight=rng.integers(1, 9, n) / 4)


def test_direct_answers_by_hand():
    """Neutral is 4: X_a0 + 2, 0, −1, 0; X_a1 0, 0, −2, +1; X_b0 −3, 0, 3, 0."""
    frame = pd.DataFrame(
        {"X_a0": [6, 4, 3, 4], "X_a1": [4, 4, 2, 5], "X_b0": [1, 4, 7, 4], "P_a0": 4, "P_a1": 4, "P_b0": 4}
    )
    found = direct_disconfirmation(Responses(frame, DIRECT))
    rows = found.to_frame().set_index("measure")
    persons = {"a": [1, 0, -1.5, 0.5], "b": [-3, 0, 3, 0], "mean": [-1, 0, 0.75, 0.25]}
    for name, values in persons.items():
        assert rows.loc[name, "mean"] == pytest.approx(np.mean(values))
        assert rows.loc[name, "se"] == pytest.approx(np.std(values, ddof=1) / 2)
        shares = [np.mean(np.sign(values) == side) for side in (-1, 0, 1)]
        assert rows.loc[name, ["worse", "same", "better"]].tolist() == pytest.approx(shares)
    assert rows.index.tolist() == ["a", "b", "mean"]
    assert found.items.to_frame().set_index("measure")["mean"].tolist() == pytest.approx([0.25, -0.25, 0])
    items = direct_disconfirmation(Responses(frame, DIRECT), total="items").to_frame().set_index("measure")
    assert items.loc["mean", "mean"] == pytest.approx(np.mean([-1 / 3, 0, 0, 1 / 3]))
    assert items.loc["mean", "worse"] == 0.25  # (2 + 0 − 3) / 3 is below 0, (−1 − 2 + 3) / 3 is 0
    low = direct_disconfirmation(Responses(frame, DIRECT), neutral=3).to_frame().set_index("measure")
    assert low["mean"].tolist() == pytest.approx((rows["mean"] + 1).tolist())


@FEW
@given(SEEDS)
def test_direct_means_are_scipys_t_tests(seed):
    frame = direct_frame(seed, missing=0.05)
    found = direct_disconfirmation(
        Responses(frame, DIRECT), {"a": "reliable", "b": "kind", "overall": "better"}, level=0.9
    )
    assert found.items is None
    for name, column, zero in (("a", "q_reliable", 3), ("b", "q_kind", 3), ("overall", "q_better", 0)):
        row, values = found.row(name), frame[column].dropna() - zero
        theirs = stats.ttest_1samp(values, 0)
        interval = theirs.confidence_interval(0.9)
        assert [row["mean"], row["low"], row["high"], row["p"]] == pytest.approx(
            [values.mean(), *interval, theirs.pvalue], rel=1e-7
        )
        assert (row["n"], row["dropped"], row["df"]) == (len(values), len(frame) - len(values), len(values) - 1)
        assert row[["worse", "same", "better"]].sum() == pytest.approx(1)
        assert row["deff"] == pytest.approx(1, rel=0.05)


def test_direct_answers_under_a_design_are_those_of_r():
    """``svymean`` and ``svyciprop(method = "logit")`` of a stratified cluster sample with weights."""
    folder = Path(__file__).parent / "reference"
    expected = tomllib.loads((folder / "criterion.toml").read_text(encoding="utf-8"))["direct"]
    data = pd.read_csv(folder / "design_small.csv").query("stratum != 'C'")
    frame = data.assign(q_better=data["gap1"], **{f"P_{item}": 4 for item in ITEMS})
    given_ = Responses(frame, DIRECT, SampleDesign("stratum", "cluster", "weight"))
    row = direct_disconfirmation(given_, "better").row("overall")
    assert [row["mean"], row["se"]] == pytest.approx(expected["gap1"], rel=1e-10)
    assert row["df"] == 6
    for name in ("worse", "same", "better"):
        assert row[name] == pytest.approx(expected[name][0], rel=1e-10)
    for name in ("worse", "better"):
        assert [row[f"{name}_low"], row[f"{name}_high"]] == pytest.approx(expected[f"{name}_ci"], rel=1e-7)


@settings(max_examples=3, deadline=None)
@given(SEEDS)
def test_mirrored_direct_answers_change_sides(seed):
    frame = direct_frame(seed, missing=0.05)
    mirrored = frame.assign(**{f"X_{item}": 8 - frame[f"X_{item}"] for item in ITEMS})
    design = SampleDesign(clusters="store", weight="weight")
    one, other = (direct_disconfirmation(Responses(each, DIRECT, design)) for each in (frame, mirrored))
    for mine, theirs in ((one.to_frame(), other.to_frame()), (one.items.to_frame(), other.items.to_frame())):
        assert theirs["mean"].to_numpy() == pytest.approx(-mine["mean"].to_numpy(), abs=1e-9)
        assert theirs["se"].to_numpy() == pytest.approx(mine["se"].to_numpy(), rel=1e-7)
        assert theirs["better"].to_numpy() == pytest.approx(mine["worse"].to_numpy(), abs=1e-12)
        assert theirs["better_low"].to_numpy() == pytest.approx(mine["worse_low"].to_numpy(), abs=1e-9, nan_ok=True)
        assert (mine[["worse", "same", "better"]].sum(axis=1) - 1).abs().max() < 1e-9


def test_groups_of_direct_answers_are_their_rows():
    frame = direct_frame(4)
    frame.loc[:3, "group"] = None
    found = direct_disconfirmation(Responses(frame, DIRECT), by="group")
    order = list(dict.fromkeys(frame["group"].fillna("(not stated)")))
    assert list(dict.fromkeys(found.to_frame()["group"])) == order
    for label in order:
        own = frame[frame["group"].fillna("(not stated)") == label]
        alone = direct_disconfirmation(Responses(own, DIRECT))
        for name in ("a", "b", "mean"):
            mine, theirs = found.row(name, group=label), alone.row(name)
            for number in ("mean", "se", "low", "high", "n", "dropped", "worse", "better_high"):
                assert mine[number] == pytest.approx(theirs[number]), number
    named = Responses(
        frame, DIRECT, variables={"group": Variable({"en": "Group", "zh": "组"}, {"x": {"en": "Xs", "zh": "甲"}})}
    )
    assert "Side a (Xs): " in direct_disconfirmation(named, by="group").sentence("a", group="x")
    assert "维度a（甲）：" in direct_disconfirmation(named, by="group").in_language("zh").sentence("a", group="x")
    assert direct_disconfirmation(named, by="group").title().endswith(", by Group")


def test_p_values_of_direct_answers_are_corrected_within_their_kind():
    from statsmodels.stats.multitest import multipletests

    found = direct_disconfirmation(Responses(direct_frame(5), DIRECT), by="group")
    for frame in (
        found.to_frame().query("kind == 'dimension'"),
        found.to_frame().query("kind == 'total'"),
        found.items.to_frame(),
    ):
        assert frame["p_adjusted"].tolist() == pytest.approx(
            multipletests(frame["p"], method="holm")[1].tolist(), rel=1e-9
        )


def test_dimensions_asked_by_one_question_each_have_a_mean():
    frame = direct_frame(6, missing=0.1)
    rows = (
        direct_disconfirmation(Responses(frame, DIRECT), {"a": "reliable", "b": "kind"}).to_frame().set_index("measure")
    )
    both = (frame[["q_reliable", "q_kind"]].dropna() - 3).mean(axis=1)
    assert rows.loc["mean", ["mean", "n"]].tolist() == pytest.approx([both.mean(), len(both)])
    assert (
        "mean"
        not in direct_disconfirmation(Responses(frame, DIRECT), {"a": "better", "b": "kind"})
        .to_frame()["measure"]
        .tolist()
    )


def test_replicates_give_bounds_of_direct_shares():
    given_ = Responses(direct_frame(7), DIRECT, SampleDesign(clusters="store"))
    taylor, drawn = (direct_disconfirmation(given_, "better", interval=way).row("overall")
                     for way in (None, Bootstrap(1000, seed=3, percentile=True)))  # fmt: skip
    assert drawn["se"] == pytest.approx(taylor["se"], rel=0.25)
    for name in ("worse", "same", "better"):
        assert 0 <= drawn[f"{name}_low"] < drawn[name] < drawn[f"{name}_high"] <= 1
        assert taylor[f"{name}_low"] < taylor[name] < taylor[f"{name}_high"]


def test_direct_rows_without_a_number_have_a_reason():
    frame = direct_frame(8, n=12).assign(group=list("aaaabbccccdd"))
    frame["q_better"] = [1, 1, 1, 1, 2, np.nan, np.nan, np.nan, np.nan, np.nan, -1, 2]
    table = direct_disconfirmation(Responses(frame, DIRECT), "better", by="group")
    rows = table.to_frame().set_index("group")
    assert rows["reason"].tolist() == ["no variation", "one answer", "nobody", ""]
    assert rows["dropped"].tolist() == [0, 1, 4, 0]
    assert (rows.loc["a", "better"], np.isnan(rows.loc["a", "p"])) == (1, True)
    assert table.sentence("overall", group="c") == "Question better (c): no score can be given (nobody answered)."
    assert "one answer" in table.sentence("overall", group="b")
    lone = direct_disconfirmation(Responses(frame, DIRECT, SampleDesign(clusters="group")), "better", by="group")
    assert lone.row("overall", group="d")["reason"] == "one cluster"
    single = direct_disconfirmation(Responses(frame.assign(store=1), DIRECT, SampleDesign("group", "store")), "better")
    assert single.row("overall")["reason"] == "no df"
    assert "no degrees of freedom" in single.sentence("overall")


def test_sentences_and_tables_of_direct_answers():
    frame = direct_frame(9, n=20).assign(q_better=[2, 1, 0, -1, 2] * 4)
    found = direct_disconfirmation(Responses(frame, DIRECT), "better")
    assert found.sentence("overall") == (
        "Question better: 0.80 points better than expected (95% CI 0.24 to 1.36, n = 20); 20% worse, 20% as expected, 60% better."
    )
    zh = found.in_language("zh")
    assert zh.sentence("overall") == (
        "问题better：比预期好 0.80 分（95% 置信区间 0.24 至 1.36，n = 20）；20% 比预期差，20% 与预期相同，60% 比预期好。"
    )
    assert found.estimate("overall").value == pytest.approx(0.8)
    worse = direct_disconfirmation(Responses(frame.assign(q_better=-frame["q_better"]), DIRECT), "better")
    assert "0.80 points worse than expected" in worse.sentence("overall")
    assert "比预期差 0.80 分" in worse.in_language("zh").sentence("overall")
    level = direct_disconfirmation(Responses(frame.assign(q_better=[2, -2, 1, -1] * 5), DIRECT), "better")
    assert "no clear difference from what was expected, 0.00 points" in level.sentence("overall")
    assert "与预期无明确差异" in level.in_language("zh").sentence("overall")
    form = direct_disconfirmation(Responses(frame, DIRECT))
    assert form.in_language("zh").items.language == "zh"
    for one in (found, form, form.items):
        other = one.in_language("zh")
        assert one.to_csv() == other.to_csv()
        assert all(
            any("\u4e00" <= letter <= "\u9fff" for letter in text)
            for text in (other.title(), other.note(), other.to_string())
        )
        assert not {"measure", "low", "high", "worse", "better", "no answer"} & set(other.shown().columns)
    assert "the neutral answer 4 counts as 0; 20 of 20 rows kept, 0 dropped" in form.note()
    assert "No margin of error" in form.note()
    assert "中性回答 0 记为 0" in zh.note()


def test_nothing_of_direct_answers_is_changed():
    given_ = Responses(direct_frame(10), DIRECT)
    before, questions = given_.frame.copy(), {"a": "reliable"}
    direct_disconfirmation(given_, questions, by="group")
    direct_disconfirmation(given_)
    pd.testing.assert_frame_equal(given_.frame, before)
    assert questions == {"a": "reliable"}


def test_direct_questions_that_cannot_be():
    given_ = Responses(direct_frame(11).assign(q_even=3), DIRECT)
    alone = Responses(direct_frame(11).filter(regex="^P_"), direct_instrument("perception"))
    with pytest.raises(SpecError, match=r"holds no direct disconfirmation\. Ask the items in a form 'disconfirmation'"):
        direct_disconfirmation(alone)
    with pytest.raises(DataError, match="no answers to 'better': there is no column 'q_better'"):
        direct_disconfirmation(alone, "better")
    with pytest.raises(SpecError, match=r"no outcome 'bettr'; its outcomes: better, reliable, kind, even\. Declare"):
        direct_disconfirmation(given_, "bettr")
    for questions in ({"c": "better"}, {}):
        with pytest.raises(SpecError, match=r"give one outcome for each of some dimensions \(a, b\), or for 'overall'"):
            direct_disconfirmation(given_, questions)
    with pytest.raises(SpecError, match="'even' is answered from 1 to 6, which has no middle answer"):
        direct_disconfirmation(given_, "even")
    assert direct_answers(given_, "even", neutral=3).scores["overall"].eq(0).all()
    for neutral in (-3, 3, 0.5, "0", float("nan")):
        with pytest.raises(SpecError, match="neutral="):
            direct_disconfirmation(given_, "better", neutral=neutral)
    with pytest.raises(SpecError, match="tables have a column of that name"):
        direct_disconfirmation(given_.__class__(given_.frame.assign(worse=1), DIRECT), by="worse")
    with pytest.raises(DataError, match="no column 'tier'"):
        direct_disconfirmation(given_, by="tier")
    for options in ({"level": 95}, {"adjust": "tukey"}, {"total": "all"}):
        with pytest.raises(SpecError):
            direct_disconfirmation(given_, **options)
    found = direct_disconfirmation(given_, by="group")
    with pytest.raises(SpecError, match="name one value for each of group; got none"):
        found.sentence("a")
    with pytest.raises(SpecError, match="there is no row 'c'"):
        found.sentence("c", group="x")
