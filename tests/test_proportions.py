"""Shares and Net Promoter Scores: against R, against Newcombe's printed tables, and what must hold for any data.

Authorities, and the tolerance each is held to:

* proportions_nps.json (R 4.2.2: ``prop.test``, ``binom.test``, ``qbeta``, ``mcnemar.test``), kept beside the project: the
  file's own 1e-9, and 5e-5 for what Newcombe printed with four digits. Every number of it is compared.
* survey_api.json (R's survey 4.1, ``svyciprop``), beside the project: the file's 1e-9 for estimates, 1e-6 for intervals.
* tests/reference/design_based.toml (the same R, a small design with a single-cluster stratum): its 1e-10, 1e-7 for the
  interval that R fits iteratively.
* Newcombe (1998), tables of three papers, typed here with the four digits printed; Fagerland, Lydersen and Laake (2014);
  R's documented McNemar example. These need nothing beside the clone.
* statsmodels 0.14 or later, for counts that are not whole (effective sample sizes).

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
from servqual.proportions import (
    METHODS,
    SHARE_REASONS,
    DifferenceMethod,
    ProportionMethod,
    difference_interval,
    effective_interval,
    effective_n,
    equal_shares,
    mcnemar,
    nps_difference,
    nps_interval,
    paired_difference_interval,
    proportion_interval,
    score_ces,
    score_csat,
    score_nps,
    share,
    top_box,
)
from servqual.responses import Variable
from survey_design import DataError, SpecError

quick = settings(deadline=None)
few = settings(max_examples=25, deadline=None)  # these go through Responses

REFERENCE = Path(__file__).parent / "reference"
ALL_METHODS = get_args(ProportionMethod)
BOUNDED = [name for name in ALL_METHODS if name not in ("wald", "agresti_coull")]  # these stay between 0 and 1
COUNTED = [name for name in ALL_METHODS if name not in ("wald", "logit")]  # these work on an effective sample size


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


def test_every_block_of_the_oracle_is_compared(oracle):
    assert set(oracle["results"]) == {"single_proportion", "two_proportions", "nps", "nps_formula", "mcnemar"}
    assert set(oracle["published"]) == {"newcombe1998_wilson", "newcombe1998_diff_56_70_vs_48_80"}


def test_single_proportions(oracle):
    assert len(oracle["results"]["single_proportion"]) == 14
    for entry in oracle["results"]["single_proportion"]:
        methods = set(entry) - {"x", "n", "conf", "p"}
        assert methods == set(ALL_METHODS) - {"logit"}
        for method in methods:
            bounds = proportion_interval(entry["x"], entry["n"], method=method, level=entry["conf"])
            assert list(bounds) == pytest.approx(entry[method], abs=oracle["tolerance"]["abs"]), (method, entry)


def test_shares_of_answers_are_the_same_numbers(oracle):
    for entry in oracle["results"]["single_proportion"]:
        x, n = entry["x"], entry["n"]
        given = responses_of(satisfaction=[7] * x + [5] * (n - x))
        for method in set(entry) - {"x", "n", "conf", "p"}:
            row = only(share(given, "satisfaction", method=method, level=entry["conf"]))
            assert (row["n"], row["successes"], row["share"]) == (n, x, pytest.approx(entry["p"], abs=1e-14))
            assert [row["low"], row["high"]] == pytest.approx(entry[method], abs=oracle["tolerance"]["abs"])


def test_two_proportions(oracle):
    for entry in oracle["results"]["two_proportions"]:
        counts = [entry[name] for name in ("x1", "n1", "x2", "n2")]
        test, tolerance = equal_shares(*counts), oracle["tolerance"]["abs"]
        assert entry["x1"] / entry["n1"] - entry["x2"] / entry["n2"] == pytest.approx(entry["diff"], abs=tolerance)
        assert list(difference_interval(*counts)) == pytest.approx(entry["newcombe"], abs=tolerance)
        assert test.statistic == pytest.approx(entry["z_pooled"], abs=tolerance)
        assert test.p == pytest.approx(entry["chisq_p"], abs=tolerance)


def test_net_promoter_scores(oracle):
    tolerance = oracle["tolerance"]["abs"]
    for entry in oracle["results"]["nps"]:
        counts = [entry[kind] for kind in ("promoters", "passives", "detractors")]
        nps = nps_interval(*counts)
        found = [nps.value, nps.se, nps.low, nps.high]
        assert found == pytest.approx([entry["nps"], entry["se"], *entry["ci95"]], abs=tolerance)
        row = only(score_nps(responses_of(recommend=nps_answers(*counts))))
        assert [row["nps"], row["se"]] == pytest.approx([entry["nps"], entry["se_unbiased"]], abs=tolerance)
        assert row[["promoters", "passives", "detractors"]].tolist() == pytest.approx(np.array(counts) / sum(counts))


def test_mcnemar_of_r(oracle):
    entry, tolerance = oracle["results"]["mcnemar"], oracle["tolerance"]["abs"]
    b, c = entry["table"][0][1], entry["table"][1][0]
    plain, corrected = mcnemar(b, c, exact=False), mcnemar(b, c, exact=False, correct=True)
    assert [plain.statistic, plain.p] == pytest.approx([entry["chisq"], entry["p"]], abs=tolerance)
    assert [corrected.statistic, corrected.p] == pytest.approx([entry["chisq_cc"], entry["p_cc"]], abs=tolerance)
    assert mcnemar(b, c).p == pytest.approx(entry["exact_p"], abs=tolerance)


def test_published_numbers_of_the_oracle(oracle):
    published, tolerance = oracle["published"], oracle["tolerance"]["published_abs"]
    for counts, bounds in published["newcombe1998_wilson"].items():
        x, n = map(int, counts.split("/"))
        assert list(proportion_interval(x, n)) == pytest.approx(bounds, abs=tolerance)
    bounds = published["newcombe1998_diff_56_70_vs_48_80"]
    assert list(difference_interval(56, 70, 48, 80)) == pytest.approx(bounds, abs=tolerance)


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


def test_mcnemar_of_the_documentation_of_r():
    """Approval of a president (Agresti 1990, p. 350), the example of R's ``mcnemar.test``: 16.82, p = 4.115e-05."""
    corrected = mcnemar(150, 86, exact=False, correct=True)
    assert corrected.statistic == pytest.approx(16.82, abs=0.005)
    assert corrected.p == pytest.approx(4.115e-05, abs=5e-9)
    assert mcnemar(150, 86, exact=False).statistic == pytest.approx(17.36, abs=0.005)  # Agresti's z²
    assert mcnemar(150, 86).p == pytest.approx(3.7159361395714e-05, rel=1e-12)  # R 4.2.2, binom.test(86, 236)


def test_logit_interval_of_r():
    """R 4.2.2: ``plogis(qlogis(.72) + c(-1, 1) * qnorm(.975) / sqrt(250 * .72 * .28))``."""
    z = 1.959963984540054
    by_hand = 1 / (1 + np.exp(-(np.log(0.72 / 0.28) + np.array([-z, z]) / np.sqrt(250 * 0.72 * 0.28))))
    assert list(proportion_interval(180, 250, method="logit")) == pytest.approx(by_hand, abs=1e-14)


# --- printed tables ----------------------------------------------------------------------------------------

# Newcombe (1998), Statist. Med. 17, 857-872, table I: methods 3 (Wilson), 4 (Wilson corrected), 5 (exact).
TABLE_I = {
    (81, 263): {"wilson": (0.2553, 0.3662), "wilson_cc": (0.2535, 0.3682), "clopper_pearson": (0.2527, 0.3676)},
    (15, 148): {"wilson": (0.0624, 0.1605), "wilson_cc": (0.0598, 0.1644), "clopper_pearson": (0.0578, 0.1617)},
    (0, 20): {"wilson": (0, 0.1611), "wilson_cc": (0, 0.2005), "clopper_pearson": (0, 0.1684)},
    (1, 29): {"wilson": (0.0061, 0.1718), "wilson_cc": (0.0018, 0.1963), "clopper_pearson": (0.0009, 0.1776)},
}
# Newcombe (1998), Statist. Med. 17, 873-890, table II, method 10.
TABLE_II = {
    (56, 70, 48, 80): (0.0524, 0.3339),
    (9, 10, 3, 10): (0.1705, 0.8090),
    (6, 7, 2, 7): (0.0582, 0.8062),
    (5, 56, 0, 29): (-0.0381, 0.1926),
    (0, 10, 0, 20): (-0.1611, 0.2775),
    (0, 10, 0, 10): (-0.2775, 0.2775),
    (10, 10, 0, 20): (0.6791, 1.0000),
    (10, 10, 0, 10): (0.6075, 1.0000),
}
PRINTED = 5e-5  # half a unit of the fourth digit


@pytest.mark.parametrize("counts", TABLE_I)
def test_newcombe_on_single_proportions(counts):
    for method, bounds in TABLE_I[counts].items():
        assert list(proportion_interval(*counts, method=method)) == pytest.approx(bounds, abs=PRINTED)


@pytest.mark.parametrize("counts", TABLE_II)
def test_newcombe_on_differences(counts):
    assert list(difference_interval(*counts)) == pytest.approx(TABLE_II[counts], abs=PRINTED)


def test_newcombe_on_pairs():
    """Statist. Med. 17, 2635-2650, method 10, and Fagerland et al. (2014), complete response before and after therapy."""
    assert list(paired_difference_interval(20, 12, 2, 16)) == pytest.approx([0.0562, 0.3292], abs=PRINTED)
    assert list(paired_difference_interval(59, 6, 16, 80)) == pytest.approx([-0.1186, -0.0046], abs=PRINTED)


# --- another program ---------------------------------------------------------------------------------------

THEIRS = {"wilson": "wilson", "clopper_pearson": "beta", "jeffreys": "jeffreys", "agresti_coull": "agresti_coull",
          "wald": "normal"}  # fmt: skip


@pytest.mark.parametrize("method", THEIRS)
def test_statsmodels_on_counts_and_effective_sizes(method):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for x, n in ((3, 17), (400, 1000), (999, 1000)):
        theirs = proportion.proportion_confint(x, n, 0.1, THEIRS[method])
        ours = proportion_interval(x, n, method=method, level=0.9)
        assert np.clip(ours, 0, 1) == pytest.approx(np.clip(theirs, 0, 1), abs=1e-9)
    if method == "wald":
        return  # takes t and the standard error as they are
    p, se, n, df = 0.37, 0.05, 240, 11
    size = float(effective_n(p, se, n, df))
    theirs = proportion.proportion_confint(p * size, size, 0.05, THEIRS[method])
    assert list(effective_interval(p, se, n, df, method=method)) == pytest.approx(theirs, abs=1e-9)


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

sizes = st.integers(1, 3000)
counts = sizes.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.8, 0.999)


@quick
@given(counts, levels, st.sampled_from(ALL_METHODS))
def test_an_interval_contains_its_share_and_mirrors(pair, level, method):
    x, n = pair
    low, high = proportion_interval(x, n, method=method, level=level)
    assert low - 1e-12 <= x / n <= high + 1e-12
    mirrored = proportion_interval(n - x, n, method=method, level=level)
    assert [1 - high, 1 - low] == pytest.approx(list(mirrored), abs=1e-9)
    if method in BOUNDED:
        assert 0 <= low <= high <= 1


@quick
@given(counts, levels, st.sampled_from(BOUNDED))
def test_more_confidence_is_wider_and_more_people_narrower(pair, level, method):
    x, n = pair
    low, high = proportion_interval(x, n, method=method, level=level)
    wider = proportion_interval(x, n, method=method, level=(1 + level) / 2)
    assert wider[0] <= low
    assert high <= wider[1]
    narrower = proportion_interval(10 * x, 10 * n, method=method, level=level)
    assert narrower[1] - narrower[0] < high - low


@quick
@given(counts, levels)
def test_wilson_bounds_solve_the_score_equation(pair, level):
    x, n = pair
    z = stats.norm.ppf((1 + level) / 2)
    for bound in proportion_interval(x, n, level=level):
        assert n * (x / n - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound), rel=1e-6, abs=1e-9)


@quick
@given(counts, levels)
def test_wilson_lies_within_its_correction_and_within_agresti_and_coull(pair, level):
    x, n = pair
    inner = proportion_interval(x, n, level=level)
    for method in ("wilson_cc", "agresti_coull"):
        outer = proportion_interval(x, n, method=method, level=level)
        assert outer[0] <= inner[0] + 1e-12
        assert inner[1] <= outer[1] + 1e-12


@pytest.mark.parametrize("n", [1, 7, 20])
def test_clopper_pearson_never_falls_below_its_level(n):
    x = np.arange(n + 1)
    low, high = proportion_interval(x, n, method="clopper_pearson", level=0.9)
    truth = np.linspace(0.001, 0.999, 999)[:, None]
    covered = (stats.binom.pmf(x, n, truth) * ((low <= truth) & (truth <= high))).sum(axis=1)
    assert covered.min() >= 0.9 - 1e-12


def test_an_array_is_its_numbers_one_by_one():
    x, n = np.array([0, 3, 9, 50]), np.array([10, 10, 9, 200])
    for method in ALL_METHODS:
        low, high = proportion_interval(x, n, method=method)
        single = [proportion_interval(int(a), int(b), method=method) for a, b in zip(x, n, strict=True)]
        assert list(zip(low, high, strict=True)) == single
    low, _ = difference_interval(x, n, 2, 10)
    assert low.tolist() == [difference_interval(int(a), int(b), 2, 10)[0] for a, b in zip(x, n, strict=True)]


def test_the_logit_interval_takes_the_exact_bounds_at_the_ends():
    for x in (0, 12):
        assert proportion_interval(x, 12, method="logit") == proportion_interval(x, 12, method="clopper_pearson")


# --- identities: designs -----------------------------------------------------------------------------------


@quick
@given(st.floats(0.01, 0.99), st.integers(2, 5000), levels, st.sampled_from(COUNTED))
def test_the_error_of_a_simple_sample_is_worth_its_size(p, n, level, method):
    se = np.sqrt(p * (1 - p) / n)
    assert float(effective_n(p, se, n, n - 1, level=level)) == pytest.approx(n, rel=1e-9)
    whole = p * n
    if whole == round(whole):
        bounds = effective_interval(p, se, n, n - 1, method=method, level=level)
        assert list(bounds) == pytest.approx(
            list(proportion_interval(round(whole), n, method=method, level=level)), abs=1e-9
        )


@quick
@given(st.floats(0.01, 0.99), st.floats(0.001, 0.3), st.integers(2, 5000), st.integers(1, 60), st.sampled_from(BOUNDED))
def test_design_based_bounds_contain_the_share_and_widen_with_the_error(p, se, n, df, method):
    low, high = effective_interval(p, se, n, df, method=method)
    assert 0 <= low <= high <= 1
    wide = effective_interval(p, 1.5 * se, n, df, method=method)
    assert wide[1] - wide[0] >= high - low - 1e-12
    if method != "jeffreys":  # with under one effective answer the prior is all there is
        assert low <= p <= high
        assert wide[0] <= low
        assert high <= wide[1]
    few = effective_n(p, se, n, 1), effective_n(p, se, n, df)
    assert few[0] <= few[1]


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


@quick
@given(counts, counts, levels, st.sampled_from(get_args(DifferenceMethod)))
def test_differences_turn_round_with_their_groups(one, other, level, method):
    low, high = difference_interval(*one, *other, method=method, level=level)
    difference = one[0] / one[1] - other[0] / other[1]
    assert low - 1e-12 <= difference <= high + 1e-12
    assert list(difference_interval(*other, *one, method=method, level=level)) == pytest.approx(
        [-high, -low], abs=1e-12
    )
    if method == "newcombe":
        assert low >= -1 - 1e-12
        assert high <= 1 + 1e-12


@quick
@given(counts, counts)
def test_z_squared_is_pearsons_chi_square(one, other):
    (a, m), (b, n) = one, other
    test = equal_shares(a, m, b, n)
    if 0 < a + b < m + n:
        theirs = stats.chi2_contingency([[a, m - a], [b, n - b]], correction=False)
        assert test.statistic**2 == pytest.approx(theirs.statistic, rel=1e-8, abs=1e-9)
        assert test.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-9)
    else:
        assert (np.isnan(test.p), test.reason) == (True, "no variation")


pairs = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda table: sum(table) > 0)


@quick
@given(pairs, levels, st.sampled_from(get_args(DifferenceMethod)))
def test_paired_differences_turn_round_with_first_and_second(table, level, method):
    a, b, c, d = table
    low, high = paired_difference_interval(a, b, c, d, method=method, level=level)
    assert low - 1e-12 <= (b - c) / sum(table) <= high + 1e-12
    assert list(paired_difference_interval(a, c, b, d, method=method, level=level)) == pytest.approx(
        [-high, -low], abs=1e-9
    )
    # yes and no exchanged: who said yes only first now says yes only second
    assert list(paired_difference_interval(d, c, b, a, method=method, level=level)) == pytest.approx(
        [-high, -low], abs=1e-9
    )


@quick
@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_does_not_mind_which_came_first(b, c):
    for options in ({}, {"exact": False}, {"exact": False, "correct": True}):
        one, other = mcnemar(b, c, **options), mcnemar(c, b, **options)
        assert [one.statistic, one.p] == pytest.approx([other.statistic, other.p], nan_ok=True)
        assert one.reason == other.reason == ("" if b + c else "no variation")
    if b + c:
        assert mcnemar(b, c).p == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-9)


kinds = st.tuples(*[st.integers(0, 300)] * 3).filter(lambda table: sum(table) > 1 and sum(k > 0 for k in table) > 1)


@quick
@given(kinds, levels)
def test_an_nps_mirrors_and_its_error_is_that_of_a_trinomial(table, level):
    p, s, d = table
    one, other = nps_interval(p, s, d, level=level), nps_interval(d, s, p, level=level)
    assert [other.value, other.low, other.high] == pytest.approx([-one.value, -one.high, -one.low], abs=1e-9)
    assert other.se == pytest.approx(one.se, rel=1e-9)
    n = sum(table)
    score = np.repeat([100.0, 0.0, -100.0], table)
    assert [one.value, one.se] == pytest.approx([score.mean(), score.std() / np.sqrt(n)], rel=1e-7, abs=1e-9)
    assert -100 <= one.value <= 100


@quick
@given(kinds, kinds)
def test_a_difference_of_nps_is_the_scores_apart_with_their_errors(one, other):
    a, b, difference = nps_interval(*one), nps_interval(*other), nps_difference(one, other)
    assert difference.value == pytest.approx(a.value - b.value, abs=1e-9)
    assert difference.se == pytest.approx(np.hypot(a.se, b.se), rel=1e-9)
    assert nps_difference(other, one).value == pytest.approx(-difference.value, abs=1e-9)
    assert nps_difference(other, one).p == pytest.approx(difference.p)
    assert (difference.p < 0.05) == (difference.low > 0 or difference.high < 0)


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
    assert "1-5" in score_csat(given).title()


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
    assert list(proportion_interval(1, 1)) == pytest.approx([0.2065, 1], abs=PRINTED)  # the binomial of one, by itself
    single = nps_interval(1, 0, 0)
    assert (single.value, np.isnan(single.se), np.isnan(single.low), single.reason) == (
        100,
        True,
        True,
        SHARE_REASONS["one answer"]["en"],
    )
    assert nps_difference((1, 0, 0), (5, 5, 5)).reason


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
    assert nps_interval(0, 9, 0).reason == SHARE_REASONS["no error"]["en"]
    assert nps_difference((9, 0, 0), (0, 9, 0)).reason == SHARE_REASONS["no error"]["en"]


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
    for reason in SHARE_REASONS.values():
        assert set(reason) == {"en", "zh"}
    assert set(METHODS) == set(ALL_METHODS)
    for test in (mcnemar(3, 9), mcnemar(0, 0), equal_shares(3, 9, 2, 8), equal_shares(0, 9, 0, 8)):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in test.sentence("zh"))


def test_sentences():
    given = responses_of(satisfaction=[7] * 18 + [3] * 7, recommend=nps_answers(5, 5, 15), tier=["a"] * 10 + ["b"] * 15)
    assert score_csat(given).sentence() == "Satisfaction: 72% answered 6 or more (95% CI 52% to 86%, n = 25)."
    assert (
        score_nps(given).sentence()
        == "Recommend: NPS −40 (95% CI −74 to −6, n = 25), 20% promoters less 60% detractors."
    )
    named = replace_variables(given, tier=Variable({"en": "Tier"}, {"b": {"en": "Border shops"}}))
    assert "(Border shops)" in score_csat(named, by="tier").sentence(tier="b")
    assert score_csat(named, by="tier").title().endswith("of 1-7, by Tier")
    assert (
        mcnemar(0, 0).sentence() == "McNemar's exact test: no test (all answers are the same: nothing to test against)."
    )
    assert mcnemar(1, 30).sentence().startswith("McNemar's exact test: p <.001 (n = 31). That as many changed")
    assert "is not rejected" in equal_shares(5, 10, 6, 10).sentence()


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
    x, n = np.array([1, 2]), np.array([3, 4])
    for verb in (score_csat, score_nps, top_box):
        verb(given, by="tier")
    proportion_interval(x, n)
    difference_interval(x, n, x, n)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(given.frame, kept)
    assert (x.tolist(), n.tolist()) == ([1, 2], [3, 4])


# --- hostile input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "n", "words"),
    [
        (0, 0, "n = 0 means that nobody answered"),
        (11, 10, "successes = 11 is more than n"),
        (-1, 10, "successes = -1 is negative"),
        (2.5, 10, "successes = 2.5 is not a whole number"),
        (float("nan"), 10, "successes = nan is not a whole number"),
        (3, float("inf"), "n = inf is not a whole number"),
    ],
)
def test_counts_that_cannot_be(x, n, words):
    with pytest.raises(DataError, match=words):
        proportion_interval(x, n)
    with pytest.raises(
        DataError, match=words.replace("successes", "x2").replace("n =", "n2 =").replace("than n", "than n2")
    ):
        difference_interval(1, 2, x, n)


def test_all_bad_counts_are_listed_at_once():
    with pytest.raises(DataError, match="3 counts cannot be used") as error:
        proportion_interval([1, 7, -2, 0.5], [5, 6, 5, 9])
    assert error.value.cases[["row", "column", "problem"]].to_numpy().tolist() == [
        [3, "successes", "is not a whole number"],
        [2, "successes", "is negative"],
        [1, "successes", "is more than n"],
    ]


def test_arguments_that_cannot_be():
    for call in (
        lambda: proportion_interval("many", 5),
        lambda: proportion_interval([1, 2], [3, 4, 5]),
        lambda: proportion_interval(1, 5, method="wilsn"),
        lambda: proportion_interval(1, 5, level=95),
        lambda: difference_interval(1, 5, 2, 5, method="method 10"),
        lambda: difference_interval(1, 5, 2, 5, level=0),
        lambda: paired_difference_interval(1, 2, 3, 4, method="tango"),
        lambda: mcnemar(1, 2, exact=True, correct=True),
        lambda: mcnemar([1, 2], [3, 4]),
        lambda: nps_interval([1, 2], 3, 4),
        lambda: nps_interval(1, 2, 3, level=1),
        lambda: nps_difference((1, 2), (3, 4, 5)),
        lambda: effective_n(0.0, 0.1, 10, 5),
        lambda: effective_n(0.5, 0.0, 10, 5),
        lambda: effective_n([0.5, 0.5], 0.1, 10, [5, 0]),
        lambda: effective_interval(0.5, float("nan"), 10, 5),
        lambda: effective_interval(0.5, 0.1, 1, 5, method="logit"),
    ):
        with pytest.raises(SpecError):
            call()
    for call in (
        lambda: nps_interval(0, 0, 0),
        lambda: nps_interval(-1, 2, 3),
        lambda: nps_interval(1.5, 2, 3),
        lambda: paired_difference_interval(0, 0, 0, 0),
        lambda: mcnemar(-1, 3),
        lambda: equal_shares(1, 0, 1, 2),
    ):
        with pytest.raises(DataError):
            call()


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
    with pytest.raises(SpecError, match=r"there is no row None .*Questions: clean, kind"):
        table.sentence(tier="a")
    with pytest.raises(SpecError, match="there is no row 'clean'"):
        table.row("clean", tier="z")


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
