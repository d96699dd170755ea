"""Design-based estimates against R's survey 4.1: survey_api.json, survey_lohr.json (tolerances from the files)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from servqual.inference import Mean, Proportion, Ratio, Student, Total, Variance, estimate
from survey_design.sampling import SampleDesign

DESIGNS = {
    "srs": ("apisrs.csv", SampleDesign(weight="pw", population="fpc")),
    "strat": ("apistrat.csv", SampleDesign(strata="stype", weight="pw", population="fpc")),
    "strat_nofpc": ("apistrat.csv", SampleDesign(strata="stype", weight="pw")),
    "clus1": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw", population="fpc", whole_clusters=True)),
    "clus1_nofpc": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw")),
    "clus2_two_stage": (
        "apiclus2.csv",
        SampleDesign(clusters=("dnum", "snum"), weight="pw", population=("fpc1", "fpc2")),
    ),
}


@pytest.fixture(scope="module")
def oracle(shared):
    return shared.oracle("survey_api.json")


@pytest.fixture(params=list(DESIGNS))
def case(request, shared, oracle):
    """Data, design and reference block of one sample."""
    name, design = DESIGNS[request.param]
    frame = shared.frame(name)
    frame["yes"] = (frame["sch.wide"] == "Yes").astype(int)
    frame["change"] = frame["api00"] - frame["api99"]
    for kind in "EHM":
        frame[f"stype{kind}"] = (frame["stype"] == kind).astype(int)
    return frame, design, oracle["results"][request.param], oracle["tolerance"]


def matches(row, reference, tolerance, interval="ci_t"):
    assert row["estimate"] == pytest.approx(reference["est"], rel=tolerance["est_rel"])
    assert row["se"] == pytest.approx(reference["se"], rel=tolerance["se_rel"], abs=1e-12)
    if interval in reference:
        assert [row["low"], row["high"]] == pytest.approx(reference[interval], rel=tolerance["se_rel"])


@pytest.mark.parametrize(
    ("statistic", "key"),
    [
        (Mean("api00"), "mean_api00"),
        (Mean("api99"), "mean_api99"),
        (Mean("enroll"), "mean_enroll_narm"),
        (Total("enroll"), "total_enroll_narm"),
        (Total("api.stu"), "total_api_stu"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_means_and_totals(case, statistic, key):
    frame, design, reference, tolerance = case
    row = estimate(frame, statistic, design).to_frame().iloc[0]
    named = reference[key][0]
    if "enroll" not in key or not frame["enroll"].isna().any():
        assert row["df"] == reference["degf"]
        matches(row, named, tolerance)
    else:  # R keeps the df of the whole sample where we count clusters with an answer
        matches(row, named, tolerance, interval="")


@pytest.mark.parametrize("kind", ["E", "H", "M"])
def test_proportions_of_school_types(case, kind):
    frame, design, reference, tolerance = case
    row = estimate(frame, Mean(f"stype{kind}"), design).to_frame().iloc[0]
    named = next(entry for entry in reference["prop_stype"] if entry["name"] == f"stype{kind}")
    matches(row, named, tolerance)


def test_ratio_and_variance(case):
    frame, design, reference, tolerance = case
    matches(estimate(frame, Ratio("api.stu", "enroll"), design).to_frame().iloc[0], reference["ratio"], tolerance)
    matches(estimate(frame, Variance("api00"), design).to_frame().iloc[0], reference["variance_api00"], tolerance)


def test_domains(case):
    frame, design, reference, tolerance = case
    table = estimate(frame, Mean("api00"), design, by="stype").to_frame().set_index("stype")
    for entry in reference["domains_by_stype"]:
        matches(table.loc[entry["stype"]], entry, tolerance)


def test_proportion_with_logit_interval(case):
    frame, design, reference, tolerance = case
    row = estimate(frame, Proportion("yes"), design).to_frame().iloc[0]
    expected = reference["prop_ci_logit"]
    assert row["estimate"] == pytest.approx(expected["est"], rel=1e-9)
    assert [row["low"], row["high"]] == pytest.approx(expected["ci"], rel=tolerance["se_rel"])


def test_design_effect_against_sampling_without_replacement(case):
    from servqual.inference import Taylor, Term, srs_variance
    from servqual.moments import Moments

    frame, design, reference, _ = case
    moments = Moments.from_frame(frame, ["api00"], design)
    row = moments.total()[0]
    mean = row[2] / row[1]
    term = Term((), np.array([[0.0, -mean / row[1], 1 / row[1]]]), np.array([[1]]))
    variance = Taylor().spread(moments, [term]).covariance[0, 0]
    deff = variance / srs_variance(moments, [term], replacement=False)[0]
    assert deff == pytest.approx(reference["mean_api00"][0]["deff"], rel=1e-6)


def test_paired_change_statistic(case):
    frame, design, reference, tolerance = case
    row = estimate(frame, Mean("change"), design).to_frame().iloc[0]
    expected = reference["domain_ttest_api99_vs_00"]
    assert row["estimate"] == pytest.approx(expected["est"], rel=tolerance["est_rel"])
    assert row["estimate"] / row["se"] == pytest.approx(expected["t"], rel=tolerance["se_rel"])
    assert row["df"] == reference["degf"]  # R's svyttest takes one off for its regression; ours is PSUs - strata


def test_lohr_counties(shared):
    oracle = shared.oracle("survey_lohr.json")
    results, tolerance = oracle["results"], oracle["tolerance"]["rel"]
    stratified = shared.frame("lohr_agstrat.csv")
    design = SampleDesign(strata="region", weight="weight", population={"NC": 1054, "NE": 220, "S": 1382, "W": 422})
    for statistic, key in ((Mean("acres92"), "strat_mean"), (Total("acres92"), "strat_total")):
        row = estimate(stratified, statistic, design).to_frame().iloc[0]
        assert [row["estimate"], row["se"]] == pytest.approx(
            [results[key][0]["est"], results[key][0]["se"]], rel=tolerance
        )
        assert [row["low"], row["high"]] == pytest.approx(results[key][0]["ci_t"], rel=tolerance)
    simple = shared.frame("lohr_agsrs.csv").assign(N=3078, weight=3078 / 300)
    design = SampleDesign(weight="weight", population="N")
    for statistic, key in ((Mean("acres92"), "srs_mean"), (Total("acres92"), "srs_total")):
        row = estimate(simple, statistic, design).to_frame().iloc[0]
        assert [row["estimate"], row["se"]] == pytest.approx(
            [results[key][0]["est"], results[key][0]["se"]], rel=tolerance
        )
        assert [row["low"], row["high"]] == pytest.approx(results[key][0]["ci_t"], rel=tolerance)
    ratio = estimate(simple, Ratio("acres92", "acres87"), design).to_frame().iloc[0]
    expected = results["ratio_total_acres92_by_acres87"]
    assert [ratio["estimate"], ratio["se"]] == pytest.approx([expected["ratio"], expected["ratio_se"]], rel=tolerance)
    scaled = np.array([ratio["estimate"], ratio["se"]]) * expected["X_total"]
    assert scaled == pytest.approx([expected["total"], expected["total_se"]], rel=tolerance)


def test_student_is_the_textbook_interval(shared):
    frame = shared.frame("apisrs.csv")
    row = estimate(frame, Mean("api00"), interval=Student()).to_frame().iloc[0]
    assert row["se"] == pytest.approx(frame["api00"].std() / np.sqrt(len(frame)), rel=1e-12)
    assert isinstance(row["df"], float)
    assert row["df"] == len(frame) - 1
    assert pd.isna(row["deff"]) or row["deff"] == pytest.approx(1)
