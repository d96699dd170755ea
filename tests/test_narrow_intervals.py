"""The tool says where its intervals are too narrow: few clusters carry the weight, or quantiles of few clusters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import effective_df as by_frames
from servqual import Bootstrap, Responses, SampleDesign, Student, compare, load_instrument, score_gaps
from servqual.inference import effective_df
from servqual.moments import Moments

ASKED = load_instrument("retail-13")
DESIGN = SampleDesign(strata="tier", clusters="store")
WORDS = "few clusters carry most of the weight"


def study(sizes, seed=1, **columns):
    """Paired answers in stores of these sizes, half of the stores in each tier."""
    generator = np.random.default_rng(seed)
    store = np.repeat(np.arange(len(sizes)), sizes)
    answers = {column: generator.integers(3, 8, len(store)) for form in ("expectation", "perception")
               for column in ASKED.columns(form).values()}  # fmt: skip
    return pd.DataFrame({"store": store, "tier": np.where(store % 2 == 0, "a", "b"), **answers, **columns})


SKEWED = [80, 70, *[5] * 18]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=4, max_size=12), st.integers(0, 10**6))
def test_effective_degrees_of_freedom_are_those_of_the_simulation(sizes, seed):
    """The same number from frames, as the simulation computes it, and from moments; one side and two."""
    frame = study(sizes, seed).assign(weight=np.random.default_rng(seed).uniform(0.5, 2, sum(sizes)))
    moments = Moments.from_frame(frame, ["P_EFF"] if "P_EFF" in frame else [next(iter(ASKED.columns("perception").values()))],
                                 SampleDesign(strata="tier", clusters="store", weight="weight"), by=["tier"])  # fmt: skip
    sides = [part for _, part in frame.groupby("tier", sort=False)]
    (one, counted), (two, _) = (effective_df(moments, [sides]) for sides in ([[("a",), ("b",)]], [[("a",)], [("b",)]]))
    assert one == pytest.approx(by_frames([frame]), rel=1e-9)
    assert two == pytest.approx(by_frames(sides), rel=1e-9)
    assert counted == pytest.approx(len(sizes) - 2)


def test_equal_clusters_count_as_clusters_minus_strata():
    moments = Moments.from_frame(study([6] * 20), ["store"], DESIGN)
    assert effective_df(moments, [[[None]]]) == (pytest.approx(18), pytest.approx(18))


def test_skewed_sizes_are_told_in_both_languages():
    gaps = score_gaps(Responses(study(SKEWED), ASKED, DESIGN))
    assert WORDS in gaps.note()
    assert "少数几个群占了大部分权重：" in gaps.in_language("zh").note()
    assert WORDS not in score_gaps(Responses(study([15] * 20), ASKED, DESIGN)).note()


def test_the_rows_are_named_where_there_are_several():
    sizes = [60 if k == 0 else 8 for k in range(20)]  # tier a has one store that outweighs its others
    gaps = score_gaps(Responses(study(sizes), ASKED, DESIGN), by="tier")
    assert f"{WORDS} (a):" in gaps.note()
    assert "（a）" in gaps.in_language("zh").note()


def test_a_difference_of_a_small_group_is_told():
    """Forty stores, but the group was met in four of them: df counts all, the group's four carry its side."""
    frame = study([20] * 40)
    frame["group"] = np.where(frame["store"].isin([0, 1, 2, 3]) & (np.arange(len(frame)) % 5 == 0), "new", "old")
    gaps = score_gaps(Responses(frame, ASKED, DESIGN), by="group")
    assert WORDS not in gaps.note()
    assert f"{WORDS} (" in compare(gaps, "group").note()
    assert WORDS not in compare(score_gaps(Responses(frame, ASKED, DESIGN), by="tier"), "tier").note()
    assert "少数几个群占了大部分权重（" in compare(gaps, "group").in_language("zh").note()


@pytest.mark.parametrize("design", [SampleDesign(), SampleDesign(strata="tier"),
                                    SampleDesign(clusters="store", population="visited", strata="tier")])  # fmt: skip
def test_nothing_is_said_where_clusters_are_not_the_units(design):
    frame = study(SKEWED, visited=10)
    assert WORDS not in score_gaps(Responses(frame, ASKED, design)).note()


def test_nothing_is_said_of_respondents_taken_as_independent():
    assert WORDS not in score_gaps(Responses(study(SKEWED), ASKED, DESIGN), interval=Student()).note()


def test_quantiles_of_few_clusters_are_advised_against():
    few, many = (Responses(study([10] * n), ASKED, DESIGN) for n in (16, 40))
    said = "percentile intervals from fewer than 20 degrees of freedom are too narrow"
    assert said in score_gaps(few, interval=Bootstrap(200, seed=1, percentile=True)).note()
    assert said not in score_gaps(many, interval=Bootstrap(200, seed=1, percentile=True)).note()
    assert said not in score_gaps(few, interval=Bootstrap(200, seed=1)).note()


def test_percentiles_of_replicates_that_hold_nobody_are_missing_with_a_reason():
    frame = study([12] * 10)
    frame["group"] = np.where((frame["store"] == 0) & (np.arange(len(frame)) < 4) | (frame["store"] == 3) & (np.arange(len(frame)) % 6 == 0),
                              "rare", "usual")  # fmt: skip
    gaps = score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store")), by="group",
                      interval=Bootstrap(300, seed=1, percentile=True)).to_frame()  # fmt: skip
    rare = gaps[gaps["group"] == "rare"]
    assert (rare["reason"] == "empty replicates").all()
    assert rare[["se", "low", "high"]].isna().all(axis=None)


def test_a_file_that_serves_every_row_is_looked_at_too():
    """Expectations from ten clusters, one with most of the interviews; perceptions split by tier have none to complain of."""

    def one_form(frame, form):
        return frame.drop(columns=list(ASKED.columns(form).values()))

    found = Responses(one_form(study([12] * 20), "expectation"), ASKED, DESIGN)
    expected = one_form(study([150, *[10] * 9], 2).drop(columns="tier"), "perception").rename(columns={"store": "town"})
    towns = SampleDesign(clusters="town")
    gaps = score_gaps(found.joined_with(Responses(expected, ASKED, towns)), by="tier")
    assert f"{WORDS} (a, b):" in gaps.note()
    even = expected[expected["town"] > 0]
    assert WORDS not in score_gaps(found.joined_with(Responses(even, ASKED, towns)), by="tier").note()


def test_estimates_of_frames_say_it_too():
    from servqual import Mean, estimate

    table = estimate(study(SKEWED), Mean("store"), DESIGN)
    assert "Few clusters carry most of the weight:" in table.note()
    assert "少数几个群占了大部分权重：" in table.in_language("zh").note()
    assert "clusters carry" not in estimate(study([15] * 20), Mean("store"), DESIGN).note()
    assert "clusters carry" not in estimate(study(SKEWED), Mean("store"), DESIGN, interval=Student()).note()
