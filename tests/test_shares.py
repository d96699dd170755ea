"""Shares of answers and Net Promoter Scores: against R and other programs, and what must hold for any data.

Authorities, and the tolerance each is held to:

* proportions_nps.json (R 4.2.2), kept beside the project: shares and scores of answers give its numbers to its own 1e-9.
* survey_api.json (R's survey 4.1, ``svyciprop``), beside the project: the file's 1e-9 for estimates, 1e-6 for intervals.
* tests/reference/design_based.toml (the same R, a small design with a single-cluster stratum): its 1e-10, 1e-7 for the
  interval that R fits iteratively.
* scipy's t interval and :func:`servqual.estimate`, for Net Promoter Scores as means.

Below these stand identities and hostile input.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Proportion, Responses, SampleDesign, Student, Taylor, estimate, load_instrument
from servqual.instruments import Form, Instrument, Item, Outcome, Scale
from servqual.proportions import ProportionMethod, effective_interval, proportion_interval
from servqual.responses import Variable
from servqual.shares import score_ces, score_csat, score_nps, share, top_box
from survey_design import DataError, SpecError

few = settings(max_examples=25, deadline=None)  # these go through Responses
REFERENCE = Path(__file__).parent / "reference"
ALL_METHODS = get_args(ProportionMethod)


def outcome(name: str, low: int, high: int) -> Outcome:
    return Outcome(name, name, Scale(low, high), {"en": name.capitalize(), "zh": name}, {})


SMALL = Instrument(
    "small",
    "1",
    {"en": "small"},
    "",
    Scale(1, 7),
    (Form("expectation", "E_{id}"), Form("perception", "P_{id}")),
    (),
    (
        Item("clean", "", {"en": "Clean", "zh": "干净"}, {}),
        Item("kind", "", {"en": "Kind", "zh": "友善"}, {}, reverse=True),
    ),
    (outcome("satisfaction", 1, 7), outcome("recommend", 0, 10), outcome("effort", 1, 7)),
)


def responses_of(design: SampleDesign | None = None, instrument: Instrument = SMALL, **columns: object) -> Responses:
    """Responses with these columns; the items are answered with 4 unless given."""
    frame = pd.DataFrame(columns)
    asked = pd.DataFrame(dict.fromkeys(("P_clean", "P_kind"), 4), index=frame.index)
    return Responses(pd.concat([asked[[n for n in asked if n not in frame]], frame], axis=1), instrument, design)


def nps_answers(promoters: int, passives: int, detractors: int) -> list[int]:
    """Answers of so many, spread over the numbers of each kind."""
    return [(9, 10)[k % 2] for k in range(promoters)] + [(7, 8)[k % 2] for k in range(passives)] + [
        k % 7 for k in range(detractors)]  # fmt: skip


def only(table):
    """The single row of a result."""
    assert len(table.frame) == 1
    return table.frame.iloc[0]


# --- R, kept beside the project ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oracle(shared):
    return shared.oracle("proportions_nps.json")


def test_shares_of_answers_are_the_same_numbers(oracle):
    for entry in oracle["results"]["single_proportion"]:
        x, n = entry["x"], entry["n"]
        given = responses_of(satisfaction=[7] * x + [5] * (n - x))
        for method in set(entry) - {"x", "n", "conf", "p"}:
            row = only(share(given, "satisfaction", method=method, level=entry["conf"]))
            assert (row["n"], row["successes"], row["share"]) == (n, x, pytest.approx(entry["p"], abs=1e-14))
            assert [row["low"], row["high"]] == pytest.approx(entry[method], abs=oracle["tolerance"]["abs"])


def test_net_promoter_scores_of_answers(oracle):
    tolerance = oracle["tolerance"]["abs"]
    for entry in oracle["results"]["nps"]:
        counts = [entry[kind] for kind in ("promoters", "passives", "detractors")]
        row = only(score_nps(responses_of(recommend=nps_answers(*counts))))
        assert [row["nps"], row["se"]] == pytest.approx([entry["nps"], entry["se_unbiased"]], abs=tolerance)
        assert row[["promoters", "passives", "detractors"]].tolist() == pytest.approx(np.array(counts) / sum(counts))


API = {
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


@pytest.mark.parametrize("sample", API)
def test_design_based_shares_of_schools(sample, shared):
    oracle = shared.oracle("survey_api.json")
    name, design = API[sample]
    frame = shared.frame(name)
    given = responses_of(
        design, **{c: frame[c] for c in design.column_names()}, yes=(frame["sch.wide"] == "Yes").astype(int)
    )
    for method, key in (("clopper_pearson", "prop_ci_beta"), ("logit", "prop_ci_logit")):
        row, expected = only(share(given, "yes", at_least=1, method=method)), oracle["results"][sample][key]
        assert row["share"] == pytest.approx(expected["est"], rel=oracle["tolerance"]["est_rel"])
        assert [row["low"], row["high"]] == pytest.approx(expected["ci"], rel=oracle["tolerance"]["se_rel"])
        assert row["df"] == oracle["results"][sample]["degf"]


# --- R, within the clone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", ["strata_a_b", "all_adjust", "women_adjust"])
def test_design_based_shares_of_the_small_design(block):
    """Weights, clusters, a single-cluster stratum, and a domain that lives in all clusters."""
    text = tomllib.loads((REFERENCE / "design_based.toml").read_text(encoding="utf-8"))
    expected, meta = text["proportion"][block], text["meta"]
    data = pd.read_csv(REFERENCE / "design_small.csv")
    data = data[data["stratum"] != "C"] if block == "strata_a_b" else data
    columns = ("stratum", "cluster", "weight", "sex", "yes")
    given = responses_of(
        SampleDesign("stratum", "cluster", "weight"), **{name: data[name].tolist() for name in columns}
    )
    by = {"sex": "f"} if block == "women_adjust" else {}
    rel = meta["tolerance_relative"]
    for method, key in (("clopper_pearson", "beta"), ("logit", "xlogit"), ("wald", "mean")):
        row = share(given, "yes", at_least=1, method=method, by=list(by)).row(**by)
        assert [row["share"], row["se"]] == pytest.approx([expected["estimate"], expected["se"]], rel=rel)
        assert (row["df"], [row["low"], row["high"]]) == (expected["df"], pytest.approx(expected[key], rel=rel))


# --- printed tables ----------------------------------------------------------------------------------------


# --- another program ---------------------------------------------------------------------------------------


def test_the_score_of_an_nps_is_a_mean_of_hundreds():
    """scipy's t interval of +100, 0 and -100; the other authority of ``score_nps``."""
    answers = np.array(nps_answers(23, 40, 31))
    scores = np.where(answers >= 9, 100, np.where(answers >= 7, 0, -100))
    row = only(score_nps(responses_of(recommend=answers), level=0.9))
    theirs = stats.ttest_1samp(scores, 0).confidence_interval(0.9)
    assert [row["nps"], row["low"], row["high"]] == pytest.approx([scores.mean(), theirs.low, theirs.high], rel=1e-12)
    assert (row["df"], row["deff"]) == (93, pytest.approx(1))


def test_design_based_nps_is_the_mean_that_estimate_gives():
    from servqual import Mean

    data = pd.read_csv(REFERENCE / "design_small.csv")
    answers = np.random.default_rng(4).integers(0, 11, len(data))
    design = SampleDesign("stratum", "cluster", "weight")
    columns = {name: data[name].tolist() for name in design.column_names()}
    row = only(score_nps(responses_of(design, recommend=answers, **columns)))
    score = np.where(answers >= 9, 100.0, np.where(answers >= 7, 0.0, -100.0))
    theirs = estimate(data.assign(score=score), Mean("score"), design).to_frame().iloc[0]
    for ours, name in (
        ("nps", "estimate"),
        ("se", "se"),
        ("low", "low"),
        ("high", "high"),
        ("df", "df"),
        ("deff", "deff"),
    ):
        assert row[ours] == pytest.approx(theirs[name], rel=1e-10), name


def test_design_based_share_is_the_proportion_that_estimate_gives():
    data = pd.read_csv(REFERENCE / "design_small.csv")
    design = SampleDesign("stratum", "cluster", "weight")
    given = responses_of(
        design, yes=data["yes"].tolist(), **{name: data[name].tolist() for name in design.column_names()}
    )
    row, theirs = (
        only(share(given, "yes", at_least=1, method="logit")),
        estimate(data, Proportion("yes"), design).frame.iloc[0],
    )
    for ours, name in (
        ("share", "estimate"),
        ("se", "se"),
        ("low", "low"),
        ("high", "high"),
        ("df", "df"),
        ("deff", "deff"),
    ):
        assert row[ours] == pytest.approx(theirs[name], rel=1e-10), name


# --- identities: intervals of counts -----------------------------------------------------------------------
levels = st.floats(0.8, 0.999)


# --- identities: designs -----------------------------------------------------------------------------------
answers = st.lists(st.integers(1, 7), min_size=12, max_size=40)


@few
@given(answers, st.floats(0.01, 1000))
def test_scaling_all_weights_changes_nothing(values, factor):
    n = len(values)
    weight = np.random.default_rng(n).uniform(0.5, 2, n)
    columns = {"satisfaction": values, "recommend": [value + 3 for value in values], "store": [k % 5 for k in range(n)]}
    design = SampleDesign(clusters="store", weight="weight")
    one = responses_of(design, weight=weight, **columns)
    other = responses_of(design, weight=factor * weight, **columns)
    for verb in (score_csat, score_nps):
        pd.testing.assert_frame_equal(verb(one).frame, verb(other).frame, rtol=1e-8, atol=1e-10)


@few
@given(answers, st.sampled_from(ALL_METHODS))
def test_equal_weights_under_student_are_the_textbook(values, method):
    plain = share(responses_of(satisfaction=values), "satisfaction", method=method)
    weighted = responses_of(SampleDesign(weight="w"), satisfaction=values, w=[0.4364] * len(values))
    same = share(weighted, "satisfaction", method=method, interval=Student())
    pd.testing.assert_frame_equal(plain.frame, same.frame, rtol=1e-9, atol=1e-12)
    x = sum(value >= 6 for value in values)
    row = only(plain)
    assert (row["low"], row["high"]) == proportion_interval(x, len(values), method=method)
    assert plain.textbook
    assert row["reason"] == ("no width" if method == "wald" and x in (0, len(values)) else "")


def test_equal_weights_of_a_design_are_worth_one_respondent_less():
    """R's ``svyciprop`` does so too: its variance has divisor n - 1, the textbook's n."""
    values = [7, 3, 6, 6, 2, 7, 7, 1, 6, 5] * 4
    row = only(share(responses_of(SampleDesign(weight="w"), satisfaction=values, w=[3] * 40), "satisfaction"))
    assert [row["low"], row["high"]] == pytest.approx(
        list(effective_interval(0.6, np.sqrt(0.24 / 39), 40, 39)), rel=1e-12
    )
    assert row["deff"] == pytest.approx(1)


def test_doubling_everybody_in_their_store_adds_no_information():
    """Copies of the answers in the same clusters leave share, error and interval where they are."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"store": np.repeat(np.arange(12), 6), "satisfaction": rng.integers(3, 8, 72)})
    design = SampleDesign(clusters="store")
    once, twice = (
        only(score_csat(responses_of(design, **data))) for data in (frame, pd.concat([frame, frame], ignore_index=True))
    )
    assert twice["se"] == pytest.approx(once["se"], rel=1e-12)
    assert [twice["low"], twice["high"]] == pytest.approx(
        [once["low"], once["high"]], rel=0.01
    )  # t(n - 1) moves a little
    assert twice["deff"] == pytest.approx(2 * once["deff"], rel=0.02)


def test_groups_are_the_shares_of_their_rows():
    values, tier = [7, 6, 3, 2, 7, 7, 5, 1, 6, 4], list("abababbbaa")
    table = share(responses_of(satisfaction=values, tier=tier), "satisfaction", by="tier")
    assert table.frame["tier"].tolist() == ["a", "b"]
    for label in "ab":
        own = [value for value, group in zip(values, tier, strict=True) if group == label]
        alone = only(share(responses_of(satisfaction=own), "satisfaction"))
        pd.testing.assert_series_equal(table.row(tier=label).drop("tier"), alone, check_names=False)
    assert table.frame["n"].sum() == 10


def test_top_boxes_add_up_and_nest():
    rng = np.random.default_rng(2)
    given = responses_of(P_clean=rng.integers(1, 8, 60), P_kind=rng.integers(1, 8, 60))
    shares = [top_box(given, boxes=k).frame.set_index("measure")["share"] for k in range(1, 7)]
    assert all((narrow <= wide).all() for narrow, wide in pairwise(shares))
    means = given.answers("perception").mean()[shares[0].index]
    assert (sum(shares) + 1).tolist() == pytest.approx(means.tolist())  # a mean is 1 + the shares of "at least k"


# --- identities: differences, pairs, NPS -------------------------------------------------------------------


@few
@given(st.lists(st.sampled_from([0, 3, 6, 7, 8, 9, 10]), min_size=8, max_size=30))
def test_the_nps_of_mirrored_answers_flips_its_sign(values):
    """9 and 10 against 0 to 6: a promoter's mirror is a detractor, 7 and 8 stay."""
    flip = {0: 9, 3: 10, 6: 9, 7: 8, 8: 7, 9: 0, 10: 6}
    store = [k % 4 for k in range(len(values))]
    tables = [score_nps(responses_of(SampleDesign(clusters="store"), recommend=given, store=store)).frame.iloc[0]
              for given in (values, [flip[value] for value in values])]  # fmt: skip
    one, other = tables
    assert other["nps"] == pytest.approx(-one["nps"], abs=1e-9)
    assert other["se"] == pytest.approx(one["se"], abs=1e-9, nan_ok=True)
    assert [other["low"], other["high"]] == pytest.approx([-one["high"], -one["low"]], abs=1e-9, nan_ok=True)
    assert one["nps"] == pytest.approx(100 * (one["promoters"] - one["detractors"]), abs=1e-9)
    assert one["promoters"] + one["passives"] + one["detractors"] == pytest.approx(1)


# --- what is asked, and of whom ----------------------------------------------------------------------------


def test_answers_outside_the_base_are_counted():
    given = Responses(
        pd.DataFrame({"P_clean": [7, 99, 6, None, 3], "P_kind": 1, "satisfaction": [6, 7, 2, -9, 99]}),
        SMALL,
        dont_know=[99],
        missing_codes=[-9],
    )
    row = only(share(given, "satisfaction"))
    assert (row["n"], row["dropped"], row["successes"], row["share"]) == (3, 2, 2, pytest.approx(2 / 3))
    items = top_box(given).frame.set_index("measure")
    assert items.loc["clean", ["n", "dropped", "successes"]].tolist() == [3, 2, 2]
    assert items.loc["kind", ["n", "dropped", "successes"]].tolist() == [5, 0, 5]  # reversed on import: 1 becomes 7
    assert "outside the base" in share(given, "satisfaction").note()


def test_a_question_goes_by_outcome_item_or_column():
    given = responses_of(
        P_clean=[7, 6, 2, 5], E_clean=[7, 7, 7, 6], E_kind=[4, 4, 4, 4], satisfaction=[1, 7, 7, 7], vip=[1, 0, 0, 1]
    )
    assert only(share(given, "clean"))["share"] == 0.5
    assert only(share(given, "P_clean"))["share"] == 0.5
    assert only(share(given, "clean", form="expectation"))["share"] == 1
    assert only(share(given, "E_clean", at_least=7))["share"] == 0.75
    assert only(share(given, "satisfaction"))["share"] == 0.75
    assert only(share(given, "vip", at_least=1))["share"] == 0.5
    assert only(share(given, "clean", at_least=2))["share"] == 1
    assert top_box(given, form="expectation", boxes=1).frame["share"].tolist() == [0.75, 0.0]


def test_other_people_answered_the_expectations():
    perception = responses_of(satisfaction=[6, 7, 7], tier=list("aab"))
    expectation = Responses(
        pd.DataFrame({"E_clean": [7, 6, 5, 7], "E_kind": 1}), SMALL, SampleDesign(selection="probability")
    )
    both = perception.joined_with(expectation)
    row = top_box(both, form="expectation").row("clean")
    assert (row["n"], row["successes"]) == (4, 3)
    assert top_box(both, form="expectation").caution == ""  # the file that was asked was drawn by probability
    assert score_csat(both, by="tier").caution
    with pytest.raises(DataError, match="no column 'tier'"):
        top_box(both, form="expectation", by="tier")


def test_the_boxes_of_other_scales():
    five = replace(SMALL, scale=Scale(1, 5), outcomes=(outcome("satisfaction", 1, 5), outcome("loyal", 0, 1)))
    given = responses_of(instrument=five, satisfaction=[5, 4, 3, 4], loyal=[1, 0, 1, 1])
    assert only(score_csat(given))["share"] == 0.75
    assert only(score_csat(given, at_least=5))["share"] == 0.25
    assert only(share(given, "loyal"))["share"] == 0.75  # of two boxes the upper
    assert "1–5" in score_csat(given).title()


def test_csat_and_effort_are_shares_with_a_name():
    given = responses_of(satisfaction=[7, 6, 5, 4], effort=[7, 6, 5, 4])
    pd.testing.assert_frame_equal(score_csat(given).frame, share(given, "satisfaction").frame)
    pd.testing.assert_frame_equal(score_ces(given).frame, share(given, "effort", at_least=5).frame)
    assert "CSAT" in score_csat(given).title()
    assert "CES" in score_ces(given).title()


def test_the_sample_study_runs_with_its_design():
    folder = Path(__file__).parents[1] / "data" / "sample"
    if not (folder / "intercept.csv").is_file():
        pytest.skip("the sample study is not there")
    design = SampleDesign("tier", "store", "weight", "stores_in_tier", "probability")
    given = Responses(pd.read_csv(folder / "intercept.csv", dtype=str, keep_default_na=False), load_instrument("servqual-22"), design,
                      respondent="respondent", dont_know=[99], missing_codes=[-9], faults="set aside")  # fmt: skip
    nps, csat = score_nps(given, by="tier"), score_csat(given)
    assert nps.frame["n"].sum() == csat.frame["n"].sum() == given.n
    assert nps.caution == ""
    row = only(csat)
    assert row["low"] < row["share"] < row["high"]
    assert row["deff"] > 1  # customers of a store resemble each other
    assert only(share(given, "satisfaction", interval=Student()))["deff"] == pytest.approx(1.0, abs=0.7)
    assert (top_box(given).frame["reason"] == "").all()


# --- rows with a reason ------------------------------------------------------------------------------------


def test_every_missing_number_has_its_reason():
    store = list("aabbccd")
    given = responses_of(
        SampleDesign(clusters="store"),
        satisfaction=[7, 7, 2, 6, None, None, 6],
        recommend=[9, 10, 3, 8, None, None, 9],
        store=store,
        group=list("xxxxyyz"),
    )
    for table in (share(given, "satisfaction", by="group"), score_nps(given, by="group")):
        frame = table.frame.set_index("group")
        assert frame.loc[["y", "z"], "reason"].tolist() == ["nobody", "one answer"]
        unbounded = frame["low"].isna() | frame["high"].isna() | frame["se"].isna()
        assert (frame.loc[unbounded, "reason"] != "").all()
        assert frame.loc["x", "reason"] == ""
    assert (
        score_csat(given, by="group").sentence(group="y")
        == "Satisfaction (y): no share can be given (nobody answered)."
    )
    assert score_nps(given, by="group").sentence(group="y") == "Recommend (y): no NPS can be given (nobody answered)."
    assert "one answer" in score_csat(given, by="group").sentence(group="z")


def test_a_single_respondent_has_a_share_and_no_error():
    row = only(score_csat(responses_of(satisfaction=[7])))
    assert (row["share"], row["reason"], np.isnan(row["low"])) == (1.0, "one answer", True)


def test_answers_all_alike():
    store = list("aaabbbccc")
    simple, clustered = (
        responses_of(satisfaction=[7] * 9),
        responses_of(SampleDesign(clusters="store"), satisfaction=[7] * 9, store=store),
    )
    row = only(score_csat(simple))
    assert (row["low"], row["high"]) == proportion_interval(9, 9)
    assert row["reason"] == ""
    row = only(score_csat(clustered))
    assert (row["share"], row["se"], row["high"], row["reason"]) == (1, 0, 1, "alike")
    assert row["low"] < proportion_interval(9, 9)[0]  # two degrees of freedom are worth fewer people
    for answered in (simple, clustered):
        assert only(score_csat(answered, method="wald"))["reason"] == "no width"
    row = only(score_nps(responses_of(recommend=[10] * 9)))
    assert (row["nps"], row["se"], np.isnan(row["low"]), row["reason"]) == (100, 0, True, "no error")


def test_unequal_weights_count_where_answers_are_alike():
    weight = np.array([1.0, 1, 1, 1, 5, 5, 5, 5] * 5)
    given = responses_of(SampleDesign(weight="w"), satisfaction=[7] * 40, w=weight)
    size = weight.sum() ** 2 / (weight**2).sum()
    row = only(score_csat(given))
    z2 = stats.norm.ppf(0.975) ** 2
    assert row["low"] == pytest.approx(size / (size + z2), rel=1e-12)


def test_a_census_has_no_sampling_error():
    values = [7, 6, 2, 3, 7, 5]
    given = responses_of(
        SampleDesign(population="N"), satisfaction=values, recommend=[value + 3 for value in values], N=[6] * 6
    )
    row = only(score_csat(given))
    assert (row["low"], row["share"], row["high"], row["reason"]) == (0.5, 0.5, 0.5, "complete")
    assert only(score_nps(given))["reason"] == "complete"
    assert "everyone was asked" in score_csat(given).sentence()


def test_stores_that_agree_by_chance_are_no_census():
    """Every store has one 7 and one 2: no variance is seen, and nobody said that all stores were asked."""
    values, stores = [7, 2] * 6, np.repeat(np.arange(6), 2)
    given = responses_of(
        SampleDesign(clusters="store"), satisfaction=values, recommend=[value + 3 for value in values], store=stores
    )
    row, net = only(score_csat(given)), only(score_nps(given))
    assert (row["share"], row["se"], row["reason"], net["reason"]) == (0.5, 0, "clusters alike", "clusters alike")
    assert row[["low", "high"]].isna().all()
    assert net[["low", "high"]].isna().all()
    assert "clusters alike by chance" in score_csat(given).sentence()
    assert "各群结果恰好相同" in score_csat(given.in_language("zh")).sentence()


def test_one_cluster_takes_its_respondents_as_units():
    given = responses_of(SampleDesign(clusters="store"), satisfaction=[7, 6, 2, 3, 7, 5, 6, 1], store=list("aaaabbbb"))
    table = share(given, "satisfaction", by="store")
    assert table.frame["reason"].tolist() == ["one cluster"] * 2
    assert tuple(table.row(store="a")[["low", "high"]]) == proportion_interval(2, 4)
    assert "one cluster" in table.sentence(store="a")
    no_df = share(
        responses_of(SampleDesign("tier", "store"), satisfaction=[7, 2, 6, 1], tier=list("aabb"), store=list("ppqq")),
        "satisfaction",
    )
    assert (only(no_df)["reason"], only(no_df)["n"]) == ("no df", 4)


# --- how results show themselves ---------------------------------------------------------------------------


def test_the_tables_say_how_they_were_made():
    given = responses_of(
        satisfaction=[7, 6, 5, 2, 7], recommend=[9, 8, 2, 10, 10], tier=["core", "core", None, "core", "core"]
    )
    table = score_csat(given)
    assert table.frame.columns.tolist() == [
        "measure",
        "n",
        "dropped",
        "successes",
        "share",
        "se",
        "low",
        "high",
        "df",
        "deff",
        "reason",
    ]
    assert table.note().startswith("95% intervals; Wilson score interval of counts, respondents independent; ")
    assert "No margin of error" in table.note()
    assert "5 of 5 rows kept" in table.note()
    assert share(given, "satisfaction", by="tier").frame["tier"].tolist() == ["core", "(not stated)"]
    assert list(table.shown().columns) == [
        "question",
        "n",
        "no answer",
        "successes",
        "share",
        "SE",
        "low",
        "high",
        "df",
        "deff",
    ]
    assert "Wald" in share(given, "satisfaction", method="wald").note()
    assert "poor near 0%" in share(given, "satisfaction", method="wald").note()
    designed = responses_of(
        SampleDesign(clusters="s", selection="probability"), satisfaction=[7, 6, 5, 2], s=list("aabb")
    )
    assert "effective sample size" in score_csat(designed).note()
    assert "Taylor" in score_csat(designed).note()
    assert "No margin of error" not in score_csat(designed).note()
    assert "effective" not in score_csat(designed, method="logit").note()


def test_both_languages_hold_the_same_numbers():
    design = SampleDesign("region", "store", "w")
    columns = {"region": list("nnnnssss"), "store": list("aabbccdd"), "w": [1, 2, 1, 2, 1, 1, 2, 2]}
    given = responses_of(design, satisfaction=[7, 6, 5, 2, 7, 7, 3, 6], recommend=[9, 8, 2, 10, 9, 0, 7, 10], **columns)
    for table in (score_csat(given, by="region"), score_nps(given), top_box(given), score_csat(given, method="logit")):
        zh = table.in_language("zh")
        assert zh.frame is table.frame
        texts = (zh.title(), zh.note(), zh.to_string(), *zh.shown().columns)
        assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in texts[:3])
        assert not {"share", "low", "high", "question", "successes"} & set(zh.shown().columns)
        assert zh.to_csv() == table.to_csv()
    assert score_nps(given).in_language("zh").sentence().startswith("recommend：净推荐值")
    assert score_csat(given).in_language("zh").sentence().startswith("satisfaction：")


def test_sentences():
    given = responses_of(satisfaction=[7] * 18 + [3] * 7, recommend=nps_answers(5, 5, 15), tier=["a"] * 10 + ["b"] * 15)
    assert score_csat(given).sentence() == "Satisfaction: 72% answered 6 or more (95% CI 52% to 86%, n = 25)."
    assert (
        score_nps(given).sentence()
        == "Recommend: NPS −40 (95% CI −74 to −6, n = 25), 20% promoters less 60% detractors."
    )
    named = replace_variables(given, tier=Variable({"en": "Tier"}, {"b": {"en": "Border shops"}}))
    assert "(Border shops)" in score_csat(named, by="tier").sentence(tier="b")
    assert score_csat(named, by="tier").title().endswith("of 1–7, by Tier")


def replace_variables(given: Responses, **variables: Variable) -> Responses:
    return Responses(given.frame, given.instrument, given.design, variables=variables)


def test_a_row_becomes_an_estimate():
    given = responses_of(satisfaction=[7, 6, 5, 2, 7], recommend=[9, 8, 2, 10, 10])
    one = score_csat(given).estimate()
    assert (one.value, one.n, one.df, one.level) == (pytest.approx(0.6), 5, 4, 0.95)
    assert "Wilson" in one.method
    assert score_nps(given).estimate().value == pytest.approx(40)
    assert top_box(given).estimate("clean").value == 0


def test_nothing_the_caller_gave_is_changed():
    frame = pd.DataFrame(
        {"P_clean": [7, 6], "P_kind": [1, 2], "satisfaction": [7, None], "recommend": [9, 2], "tier": ["a", None]}
    )
    before = frame.copy()
    given = Responses(frame, SMALL)
    kept = given.frame.copy()
    for verb in (score_csat, score_nps, top_box):
        verb(given, by="tier")
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(given.frame, kept)


# --- hostile input -----------------------------------------------------------------------------------------


def test_questions_that_were_not_asked():
    given = responses_of(satisfaction=[7, 6, 5], sex=["f", "m", "f"])
    with pytest.raises(SpecError, match=r"no outcome 'recomend'\. Its outcomes: satisfaction, recommend, effort"):
        score_nps(given, outcome="recomend")
    with pytest.raises(DataError, match="no answers to 'recommend': there is no column 'recommend'"):
        score_nps(given)
    with pytest.raises(DataError, match="no answers to 'recommend'"):
        share(given, "recommend")
    with pytest.raises(SpecError, match=r"'satisfaction' is answered from 1 to 7; a Net Promoter Score needs 0 to 10"):
        score_nps(given, outcome="satisfaction")
    with pytest.raises(DataError, match="Did you mean 'satisfaction'"):
        share(given, "satisfacton")
    with pytest.raises(SpecError, match="holds no expectation answers; it holds: perception"):
        share(given, "clean", form="expectation")
    with pytest.raises(SpecError, match="holds no desired answers"):
        top_box(given, form="desired")
    with pytest.raises(SpecError, match="has no scale; say which answers count"):
        share(given, "sex")
    with pytest.raises(DataError, match="3 values that are not numbers, such as 'f'"):
        share(given, "sex", at_least=1)
    with pytest.raises(DataError, match="no column 'tier'"):
        score_csat(given, by="tier")
    with pytest.raises(SpecError, match="the table has a column share of its own"):
        score_csat(responses_of(satisfaction=[7, 6], share=[1, 2]), by="share")


@pytest.mark.parametrize("at_least", [1, 8, float("nan"), "6"])
def test_cuts_that_cut_nothing(at_least):
    with pytest.raises(SpecError, match="at_least"):
        share(responses_of(satisfaction=[7, 6, 5]), "satisfaction", at_least=at_least)


@pytest.mark.parametrize("boxes", [0, 7, 1.5])
def test_boxes_that_are_none(boxes):
    with pytest.raises(SpecError, match="has 1 to 6 top boxes"):
        top_box(responses_of(satisfaction=[7, 6, 5]), boxes=boxes)


def test_rows_are_found_by_name():
    table = top_box(responses_of(P_clean=[7, 6, 2], tier=list("aab")), by="tier")
    assert table.row("clean", tier="a")["share"] == 1
    with pytest.raises(SpecError, match="name one value for each of tier; got none"):
        table.sentence("clean")
    with pytest.raises(SpecError, match=r"there is no row None with tier='a'\. Questions: clean, kind\."):
        table.sentence(tier="a")
    with pytest.raises(SpecError, match=r"there is no row 'clean' with tier='z': tier has a, b\."):
        table.row("clean", tier="z")
    with pytest.raises(SpecError, match=r"there is no row 'cleen'\. Questions: clean, kind\."):
        top_box(responses_of(P_clean=[7, 6, 2])).row("cleen")


def test_options_are_checked_before_anything_is_computed():
    given = responses_of(satisfaction=[7, 6, 5], recommend=[9, 9, 2])
    for verb in (score_csat, top_box):
        with pytest.raises(SpecError, match="Did you mean 'wilson'"):
            verb(given, method="wilsn")
    for verb in (score_csat, score_nps, top_box):
        with pytest.raises(SpecError, match="level"):
            verb(given, level=95)


def test_taylor_may_be_asked_for_by_name():
    given = responses_of(satisfaction=[7, 6, 5, 2, 7])
    assert only(score_csat(given, interval=Taylor()))["se"] == pytest.approx(only(score_csat(given))["se"], rel=1e-12)


def test_few_clusters_that_carry_the_weight_are_told():
    asked, n = load_instrument("retail-13"), 300
    frame = pd.DataFrame({name: np.arange(n) * 5 % 7 + 1 for name in asked.columns("perception").values()})
    frame["tier"] = np.where(np.arange(n) % 3 == 0, "a", "b")
    for store, told in ((np.where(np.arange(n) < 200, 0, np.arange(n) % 20), True), (np.arange(n) % 20, False)):
        held = Responses(frame.assign(store=store), asked, SampleDesign(clusters="store"))
        assert ("few clusters carry most of the weight:" in top_box(held).note()) is told
        assert ("少数几个群占了大部分权重（a、b）" in top_box(held, by="tier").in_language("zh").note()) is told
        assert "few clusters" not in top_box(held, interval=Student()).note()
