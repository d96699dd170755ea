"""Intervals from counts: against R, against Newcombe's printed tables, and what must hold for any data.

Authorities, and the tolerance each is held to:

* proportions_nps.json (R 4.2.2: ``prop.test``, ``binom.test``, ``qbeta``, ``mcnemar.test``), kept beside the project: the
  file's own 1e-9, and 5e-5 for what Newcombe printed with four digits. Every number of it is compared, here or in
  test_shares.py.
* Newcombe (1998), tables of three papers, typed here with the four digits printed; Fagerland, Lydersen and Laake (2014);
  R's documented McNemar example. These need nothing beside the clone.
* statsmodels 0.14 or later, for counts that are not whole (effective sample sizes).

Below these stand identities and hostile input.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

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
)
from survey_design import DataError, SpecError

quick = settings(deadline=None)
ALL_METHODS = get_args(ProportionMethod)
BOUNDED = [name for name in ALL_METHODS if name not in ("wald", "agresti_coull")]  # these stay between 0 and 1
COUNTED = [name for name in ALL_METHODS if name not in ("wald", "logit")]  # these work on an effective sample size


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


# --- R, within the clone -----------------------------------------------------------------------------------


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


# --- counts with a reason, and words -----------------------------------------------------------------------


def test_a_single_respondent_has_a_score_and_no_error():
    assert list(proportion_interval(1, 1)) == pytest.approx([0.2065, 1], abs=PRINTED)  # the binomial of one, by itself
    single = nps_interval(1, 0, 0)
    assert (single.value, np.isnan(single.se), np.isnan(single.low), single.reason) == (
        100,
        True,
        True,
        SHARE_REASONS["one answer"]["en"],
    )
    assert nps_difference((1, 0, 0), (5, 5, 5)).reason


def test_a_score_of_answers_all_alike_has_no_interval():
    assert nps_interval(0, 9, 0).reason == SHARE_REASONS["no error"]["en"]
    assert nps_difference((9, 0, 0), (0, 9, 0)).reason == SHARE_REASONS["no error"]["en"]


def test_every_method_and_reason_is_named_in_both_languages():
    for reason in SHARE_REASONS.values():
        assert set(reason) == {"en", "zh"}
    assert set(METHODS) == set(ALL_METHODS)
    for test in (mcnemar(3, 9), mcnemar(0, 0), equal_shares(3, 9, 2, 8), equal_shares(0, 9, 0, 8)):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in test.sentence("zh"))


def test_sentences_of_tests():
    assert (
        mcnemar(0, 0).sentence() == "McNemar's exact test: no test (all answers are the same: nothing to test against)."
    )
    assert mcnemar(1, 30).sentence().startswith("McNemar's exact test: p < .001 (n = 31). That as many changed")
    assert "is not rejected" in equal_shares(5, 10, 6, 10).sentence()


def test_the_counts_given_are_not_changed():
    x, n = np.array([1, 2]), np.array([3, 4])
    proportion_interval(x, n)
    difference_interval(x, n, x, n)
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
