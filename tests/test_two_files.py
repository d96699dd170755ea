"""Expectations and perceptions of different people: when two files share their clusters, and when they only seem to.

Authorities: independent samples have variances that add (Cochran 1977, section 2.9); a census of stores leaves only
the variation of people within store and file.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from servqual import Responses, SampleDesign, load_instrument, score_gaps
from servqual.responses import read_responses
from survey_design.errors import DataError

ASKED = load_instrument("retail-13")


def people(form, stores, seed, each=8, population=None):
    """Answers of some people in each store; one level for the whole form of a person, so that scores are simple."""
    generator = np.random.default_rng(seed)
    store = np.repeat(stores, each)
    level = 4 + 0.8 * np.sin(store) + generator.normal(0, 1, len(store))
    answers = np.clip(np.rint(level), 1, 7)
    frame = pd.DataFrame(dict.fromkeys(ASKED.columns(form).values(), answers))
    frame["store"] = store
    return frame if population is None else frame.assign(population=population)


def side(frame, **design):
    return Responses(frame, ASKED, SampleDesign(clusters="store", **design))


def total(responses, **options):
    return score_gaps(responses, **options).to_frame("total").iloc[0]


def apart(expected, found, **design):
    """The same two files with the expectation's store column under another name: certainly two samples."""
    renamed = expected.rename(columns={"store": "shop"})
    other = Responses(renamed, ASKED, SampleDesign(**{**design, "clusters": "shop"}))
    return read_responses(expectation=other, perception=side(found, **design))


def test_one_shared_store_does_not_make_one_sample_of_two_finite_draws():
    """Eleven and ten of twenty stores, one in both: drawn twice, not twenty stores visited."""
    found = people("perception", range(11), 1, population=20)
    expected = people("expectation", range(10, 20), 2, population=20)
    design = {"population": "population"}
    together = read_responses(expectation=side(expected, **design), perception=side(found, **design))
    line, separate = total(together), total(apart(expected, found, **design))
    assert [line["se"], line["df"]] == pytest.approx([separate["se"], separate["df"]], rel=1e-12)
    assert "completely visited" not in score_gaps(together).note()


def test_a_population_in_one_file_only_keeps_the_files_apart():
    found, expected = people("perception", range(10), 3, population=20), people("expectation", range(10), 4)
    together = read_responses(expectation=side(expected), perception=side(found, population="population"))
    alone = [score_gaps(side(frame, **design), expected=4) for frame, design in
             ((found, {"population": "population"}),)]  # fmt: skip
    own = alone[0].to_frame("total").loc[0, "se"]
    other = Responses(
        expected.rename(columns=lambda name: name.replace("E_", "P_")), ASKED, SampleDesign(clusters="store")
    )
    assert total(together)["se"] == pytest.approx(np.hypot(own, total(other, expected=4)["se"]), rel=1e-12)


def test_a_census_of_the_same_stores_counts_people_within_store_and_file():
    """With every store visited in both files each store and file is a stratum of its own: textbook stratified errors."""
    found, expected = people("perception", range(6), 5, population=6), people("expectation", range(6), 6, population=6)
    design = {"population": "population"}
    together = read_responses(expectation=side(expected, **design), perception=side(found, **design))
    variance = 0.0
    for frame, form in ((found, "P_"), (expected, "E_")):
        score = frame[f"{form}initiative"]
        within = score.groupby(frame["store"]).var(ddof=1)
        variance += sum((8 / len(frame)) ** 2 * within / 8)
    assert total(together)["se"] == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert "completely visited" in score_gaps(together).note()


def test_the_same_stores_without_a_population_keep_their_covariance():
    """By hand: the gap's variance is that of the stores' sums of influence over both files."""
    found, expected = people("perception", range(12), 7), people("expectation", range(12), 8)
    line = total(read_responses(expectation=side(expected), perception=side(found)))
    p, e = found["P_initiative"], expected["E_initiative"]
    u = ((p - p.mean()) / len(p)).groupby(found["store"]).sum() - ((e - e.mean()) / len(e)).groupby(
        expected["store"]
    ).sum()
    assert line["se"] == pytest.approx(np.sqrt(12 * u.var(ddof=1)), rel=1e-10)
    assert line["df"] == 11


def test_reused_cluster_ids_are_other_clusters_in_another_stratum():
    frame = people("perception", [1, 2, 1, 2], 9)
    frame["stratum"] = np.repeat(["a", "a", "b", "b"], 8)
    frame["area"] = np.where(frame["store"] == 1, "x", "y")
    reused = Responses(frame, ASKED, SampleDesign(strata="stratum", clusters="store"))
    unique = frame.assign(store=frame["stratum"] + frame["store"].astype(str))
    plain = Responses(unique, ASKED, SampleDesign(strata="stratum", clusters="store"))
    one, two = (score_gaps(responses, by="area", expected=5).to_frame() for responses in (reused, plain))
    pd.testing.assert_frame_equal(one, two)


def test_a_store_observed_completely_is_certain():
    """Everyone of every store asked: no error, neither over all stores nor of one."""
    frame = people("perception", [1, 2], 10, population=2)
    design = SampleDesign(clusters="store", population="population", whole_clusters=True)
    responses = Responses(frame, ASKED, design)
    for by in (None, "store"):
        assert (score_gaps(responses, by=by, expected=5).to_frame("total")["se"] == 0).all()


@pytest.mark.parametrize("points", ["own", "mean"])
def test_points_that_do_not_add_up_are_left_out(points):
    """Equal points of all who gave usable ones: the weighted total is the mean total, of these respondents or of all."""
    names = [dimension.id for dimension in ASKED.dimensions]
    frame = people("perception", range(5), 11)
    frame[names] = [20, 20, 20, 20, 20]
    frame.loc[:3, names] = [99, 99, 99, 99, 99]
    frame.loc[4, names] = [120, -5, -5, -5, -5]
    gaps = score_gaps(side(frame), expected=5, importance={name: name for name in names}, points=points)
    weighted = gaps.to_frame("total").set_index("total").loc["weighted"]
    alone = score_gaps(side(frame.iloc[5:] if points == "own" else frame), expected=5)
    mean = alone.to_frame("total").set_index("total").loc["mean"]
    for name in ("gap", "se", "low", "high", "df", "n"):
        assert weighted[name] == pytest.approx(mean[name], rel=1e-9), name
    assert "35 respondents (5 left out" in gaps.total.note()


def test_a_column_to_match_by_must_exist_even_where_it_is_not_needed():
    with pytest.raises(DataError, match="'regoin'"):
        score_gaps(side(people("perception", range(3), 12)), expected=5, match="regoin")
