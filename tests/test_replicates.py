"""Replicates against R's survey 4.1 (survey_replicates.json) and against Taylor, which they must approach."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from servqual import (
    Bootstrap,
    Jackknife,
    Mean,
    Ratio,
    Responses,
    SampleDesign,
    Total,
    compare,
    estimate,
    load_instrument,
    score_gaps,
)
from survey_design.errors import DataError, SpecError

DESIGNS = {
    "JKn_strat": ("apistrat.csv", SampleDesign(strata="stype", weight="pw", population="fpc")),
    "JK1_clus1": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw", population="fpc", whole_clusters=True)),
    "JK1_clus1_nofpc": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw")),
}


@pytest.mark.parametrize("name", list(DESIGNS))
def test_jackknife_is_r_survey(shared, name):
    oracle = shared.oracle("survey_replicates.json")
    reference, tolerance = oracle["results"][name], oracle["tolerance"]["se_rel"]
    file, design = DESIGNS[name]
    frame = shared.frame(file)
    for statistic, key in ((Mean("api00"), "mean"), (Total("enroll"), "total")):
        row = estimate(frame, statistic, design, interval=Jackknife()).to_frame().iloc[0]
        assert row["estimate"] == pytest.approx(reference[key][0]["est"], rel=1e-9)
        assert row["se"] == pytest.approx(reference[key][0]["se"], rel=tolerance)
    row = estimate(frame, Ratio("api.stu", "enroll"), design, interval=Jackknife()).to_frame().iloc[0]
    assert row["se"] == pytest.approx(reference["ratio_se"], rel=tolerance)


def test_jackknife_of_a_mean_of_independent_answers_is_the_textbook_error():
    """For an unweighted mean the jackknife is s / sqrt(n) exactly (Wolter 2007, section 4.2)."""
    x = pd.Series([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    row = estimate(x.to_frame("x"), Mean("x"), interval=Jackknife()).to_frame().iloc[0]
    assert row["se"] == pytest.approx(x.std() / np.sqrt(len(x)), rel=1e-12)


@pytest.fixture(scope="module")
def study():
    """Four hundred paired respondents in forty shops of two tiers, by a fixed seed."""
    instrument = load_instrument("retail-13")
    generator = np.random.default_rng(11)
    store = np.repeat(np.arange(40), 10)
    level = generator.normal(0, 0.6, 40)[store]
    answers = {}
    for form, shift in (("expectation", 6.0), ("perception", 5.0)):
        for column in instrument.columns(form).values():
            answers[column] = np.clip(
                np.rint(shift + level * (form == "perception") + generator.normal(0, 1, 400)), 1, 7
            )
    frame = pd.DataFrame({**answers, "store": store, "tier": np.where(store < 20, "a", "b")})
    return Responses(frame, instrument, SampleDesign(strata="tier", clusters="store"))


def test_bootstrap_approaches_taylor(study):
    """With many replicates the errors agree within Monte Carlo error, 1/sqrt(2 R) = 1.1% at 4,000."""
    replicated = score_gaps(study, by="tier", interval=Bootstrap(4000, seed=2))
    linear = score_gaps(study, by="tier")
    ratio = replicated.to_frame()["se"] / linear.to_frame()["se"]
    assert ratio.between(0.95, 1.05).all()
    assert (replicated.to_frame()["gap"] == linear.to_frame()["gap"]).all()
    assert (replicated.to_frame()["df"] == linear.to_frame()["df"]).all()
    ratio = compare(replicated, "tier").to_frame()["se"] / compare(linear, "tier").to_frame()["se"]
    assert ratio.between(0.95, 1.05).all()


def test_same_seed_same_numbers_another_seed_others(study):
    first, again, other = (score_gaps(study, interval=Bootstrap(200, seed=s)).to_frame()["se"] for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).all()


def test_percentile_interval_holds_the_middle_of_the_replicates(study):
    plain = score_gaps(study, interval=Bootstrap(4000, seed=3)).to_frame()
    percentile = score_gaps(study, interval=Bootstrap(4000, seed=3, percentile=True)).to_frame()
    assert ((percentile["low"] < percentile["gap"]) & (percentile["gap"] < percentile["high"])).all()
    width = (percentile["high"] - percentile["low"]) / (plain["high"] - plain["low"])
    assert width.between(0.9, 1.02).all()  # quantiles know nothing of 38 degrees of freedom


def test_sampled_fraction_shrinks_the_bootstrap(shared):
    """Rao and Wu's factor: with f = n/N in every stratum the error is Taylor's with the finite population."""
    frame = shared.frame("apistrat.csv")
    design = SampleDesign(strata="stype", weight="pw", population="fpc")
    ours = estimate(frame, Mean("api00"), design, interval=Bootstrap(8000, seed=5)).to_frame().loc[0, "se"]
    assert ours == pytest.approx(estimate(frame, Mean("api00"), design).to_frame().loc[0, "se"], rel=0.03)


def test_too_few_and_too_many():
    with pytest.raises(SpecError, match="at least 2"):
        Bootstrap(1)
    frame = pd.DataFrame({"x": np.arange(11_000.0)})
    with pytest.raises(SpecError, match="Taylor"):
        estimate(frame, Mean("x"), interval=Bootstrap(10))
    with pytest.raises(SpecError, match="Taylor"):
        estimate(frame[:5000], Mean("x"), interval=Jackknife())


def test_a_lonely_stratum_keeps_its_part():
    """R's survey, lonely.psu = "adjust": 1.479 by linearisation; replicates must not drop the stratum."""
    frame = pd.DataFrame({"h": list("aaaaaaaabbbb"), "c": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5],
                          "x": [1.0, 2, 3, 2, 1, 2, 3, 4, 9, 9, 8, 9]})  # fmt: skip
    design = SampleDesign(strata="h", clusters="c")
    linear = estimate(frame, Mean("x"), design).to_frame().loc[0, "se"]
    assert linear == pytest.approx(1.479, abs=5e-4)
    assert estimate(frame, Mean("x"), design, interval=Jackknife()).to_frame().loc[0, "se"] == pytest.approx(
        linear, rel=1e-3
    )
    assert estimate(frame, Mean("x"), design, interval=Bootstrap(4000)).to_frame().loc[0, "se"] == pytest.approx(
        linear, rel=0.03
    )


def test_a_census_of_districts_resamples_the_schools_drawn_in_them():
    """Two drawn stages under a census: schools, not pupils, are what varies (Taylor is checked against R)."""
    generator = np.random.default_rng(3)
    school = np.repeat(np.arange(18), 10)
    frame = pd.DataFrame({"d": school // 6, "s": school, "N": 3, "M": 60})
    frame["x"] = generator.normal(0, 1, 18)[school] + generator.normal(0, 1, 180)
    design = SampleDesign(clusters=("d", "s"), population=("N", "M"))
    linear = estimate(frame, Mean("x"), design).to_frame().loc[0, "se"]
    assert estimate(frame, Mean("x"), design, interval=Jackknife()).to_frame().loc[0, "se"] == pytest.approx(
        linear, rel=1e-2
    )
    assert estimate(frame, Mean("x"), design, interval=Bootstrap(4000)).to_frame().loc[0, "se"] == pytest.approx(
        linear, rel=0.03
    )


def test_a_group_missing_from_many_replicates_says_so():
    frame = pd.DataFrame(
        {"c": np.repeat(np.arange(4), 5), "g": np.repeat(["a", "a", "b", "b"], 5), "x": np.arange(20.0)}
    )
    table = estimate(frame, Mean("x"), SampleDesign(clusters="c"), by="g", interval=Bootstrap(400)).to_frame()
    assert table["se"].isna().all()
    assert (table["reason"] == "empty replicates").all()


@pytest.mark.parametrize("weight", [-1.0, 0.0, np.nan, np.inf])
def test_weights_are_checked(weight):
    frame = pd.DataFrame({"x": [1.0, 2, 3], "w": [1.0, 1, weight]})
    with pytest.raises(DataError, match="weight 'w': 1 rows"):
        estimate(frame, Mean("x"), SampleDesign(weight="w"))


@pytest.mark.parametrize(
    "interval", [Bootstrap(300, seed=4), Jackknife(), Bootstrap(300, seed=4, percentile=True)], ids=repr
)
def test_another_interval_on_the_same_sums_is_scoring_again(study, interval):
    """with_interval reads no answers; every table is the one that scoring with that interval gives."""
    first = score_gaps(study, by="tier").with_interval(interval)
    again = score_gaps(study, by="tier", interval=interval)
    for table in ("dimensions", "items", "total"):
        pd.testing.assert_frame_equal(first.to_frame(table), again.to_frame(table), check_exact=True)
    assert first.note() == again.note()
