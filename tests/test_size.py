"""Sample sizes: against R, against printed tables, and what must hold for any plan.

Authorities, and the tolerance each is held to:

* samplesize_simple.json (R 4.2.2, all 90 rows of Krejcie and Morgan's table), kept beside the project: the file's own
  1e-10 for numbers before rounding; and power_pwr.json (R's ``pwr`` 1.3): power 1e-6, n 1e-3.
* R 4.2.2's ``power.t.test(strict = TRUE)``, ``power.prop.test`` and ``qbeta``, typed here with the call that made them.
* statsmodels 0.14 or later: unequal groups, one-sided tests, intervals of shares.
* Simulated studies with a fixed seed, where nobody publishes numbers: Welch's test, samples that share people.

Below these stand identities, hostile input, words and pictures.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from survey_design import SpecError
from survey_design.plots.sheet import new_axes, save_svg
from survey_design.size import (
    Goal,
    design_effect,
    detectable,
    gap_sd,
    krejcie_morgan,
    precision_of,
    size_for_comparison,
    size_for_gap,
    size_for_mean,
    size_for_proportion,
    write_ledger,
    yamane,
)
from survey_design.size.contrasts import Test, effect_h, one_sample, possible_r, shares_beside
from survey_design.size.ledger import STEPS, effective_n, round_up

quick = settings(deadline=None, max_examples=60)
shares = st.floats(0.02, 0.98)
spreads = st.floats(0.2, 5)
effects = st.floats(0.08, 1.5)


# --- R, kept beside the project ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simple(shared):
    return shared.oracle("samplesize_simple.json")


@pytest.fixture(scope="module")
def power(shared):
    return shared.oracle("power_pwr.json")["results"]


def test_every_block_of_the_simple_sizes_is_compared(simple):
    blocks = {name for name in simple["results"] if not name.endswith("formula")}
    assert blocks == {"krejcie_morgan", "cochran_unrounded", "yamane_unrounded", "mean_unrounded"}
    assert simple["tolerance"] == {"unrounded_rel": 1e-10}


def test_all_90_rows_of_krejcie_and_morgan(simple):
    rows = simple["results"]["krejcie_morgan"]
    assert len(rows) == 90
    for row in rows:
        size = krejcie_morgan(row["N"])
        assert size.exact == pytest.approx(row["formula_unrounded"], rel=1e-10)
        assert size.n == row["published_S"], row


def test_the_misprint_of_krejcie_and_morgans_last_row():
    assert (krejcie_morgan(1_000_000).n, krejcie_morgan(100_000).n) == (384, 383)


def test_cochrans_proportions(simple):
    for row in simple["results"]["cochran_unrounded"]:
        for name in (name for name in row if name.startswith("n")):
            population = int(name.removeprefix("n_fpc_N")) if name != "n0" else None
            size = size_for_proportion(row["p"], row["e"], level=row["conf"], population=population)
            assert size.exact == pytest.approx(row[name], rel=1e-10), (row, name)
            assert size.step("base")["n"] == pytest.approx(row["n0"], rel=1e-10)


def test_yamane(simple):
    for row in simple["results"]["yamane_unrounded"]:
        for e in (0.03, 0.05, 0.1):
            assert yamane(row["N"], e).exact == pytest.approx(row[f"e{e:g}"], rel=1e-10)


def test_means(simple):
    for row in simple["results"]["mean_unrounded"]:
        size = size_for_mean(row["sd"], row["e"], level=row["conf"], population=1500, quantile="z")
        assert size.step("base")["n"] == pytest.approx(row["n0"], rel=1e-10)
        assert size.exact == pytest.approx(row["n_fpc_N1500"], rel=1e-10)


def test_power_of_paired_gaps(power):
    for row in power["paired_power"]:
        for side in ("two", "one"):
            size = size_for_gap(sd=1, gap=row["dz"], alternative=f"{side}-sided")
            assert size.reached(row["n"]) == pytest.approx(row[f"power_{side}_sided"], abs=1e-6), row


def test_size_of_paired_gaps(power):
    for row in power["paired_n"]:
        size = size_for_gap(sd=1, gap=row["dz"], power=row["power"], level=1 - row["alpha"])
        assert size.exact == pytest.approx(row["n_unrounded"], abs=1e-3), row


def test_size_of_gaps_from_two_spreads_and_their_correlation(power):
    for row in power["gap_from_sds_and_r"]:
        spread = {name: row[name] for name in ("sd_e", "sd_p", "r")}
        assert gap_sd(**spread) == pytest.approx(row["sd_gap"], rel=1e-12)
        assert size_for_gap(**spread, gap=row["gap"]).exact == pytest.approx(row["n_unrounded_power80"], abs=1e-3)


def test_size_of_two_samples(power):
    for row in power["two_sample_n"]:
        size = size_for_comparison(sd=1, difference=row["d"], power=row["power"])
        assert size.exact / 2 == pytest.approx(row["n_per_group"], abs=1e-3), row


def test_size_of_two_proportions(power):
    for row in power["two_proportions_n"]:
        pair = row["p1"], row["p2"]
        assert effect_h(*pair) == pytest.approx(row["h"], rel=1e-12)
        assert size_for_comparison(p=pair, method="arcsine").exact / 2 == pytest.approx(
            row["n_per_group_power80"], abs=1e-3
        )
        assert size_for_comparison(p=pair).exact / 2 == pytest.approx(row["n_power_prop_test"], abs=1e-3)


def test_power_of_one_proportion(power):
    for row in power["one_proportion_power"]:
        p = math.sin(math.pi / 4 + row["h"] / 2) ** 2
        assert size_for_proportion(p, null=0.5).reached(row["n"]) == pytest.approx(row["power"], abs=1e-6), row


# --- numbers printed elsewhere -----------------------------------------------------------------------------


def test_requirement_34_sizes_for_proportions():
    assert size_for_proportion(0.5, 0.05).exact == pytest.approx(384.15, abs=0.005)
    sizes = [size_for_proportion(p, margin).n for p, margin in ((0.5, 0.05), (0.5, 0.1), (0.5, 0.03), (0.3, 0.05))]
    assert sizes == [385, 97, 1068, 323]
    assert size_for_proportion(0.5, 0.05, population=1000).n == 278


def test_requirement_35_size_for_a_mean():
    size = size_for_mean(1.2, 0.2, quantile="z")
    assert (round(size.exact, 1), size.n) == (138.3, 139)


def test_requirement_36_five_interviews_in_a_store():
    assert precision_of(5, sd=1).margin == pytest.approx(1.2417, abs=5e-5)
    assert 100 * precision_of(5, p=0.5).margin == pytest.approx(43.8, abs=0.05)


def test_requirement_37_design_effect():
    assert design_effect(5, 0.1) == pytest.approx(1.4, rel=1e-12)
    assert 1000 / design_effect(20, 0.05) == pytest.approx(513, abs=0.5)  # 50 stores with 20 customers each


def test_numbers_of_r():
    # power.t.test(n = 200/1.4, sd = 1.2, power = .8, type = "one.sample", strict = TRUE, tol = 1e-13)$delta
    assert detectable(200, sd=1.2, deff=1.4).difference == pytest.approx(0.28319871627437, rel=1e-9)
    # power.prop.test(p1 = .7, p2 = .75, power = .8, tol = 1e-13)$n
    assert size_for_comparison(p=(0.7, 0.75)).exact / 2 == pytest.approx(1250.7167334356, rel=1e-9)
    # f <- function(n) {x <- .05*n; (qbeta(.975, x+1, n-x) - qbeta(.025, x, n-x+1))/2}; uniroot(f(n) - .02)
    assert size_for_proportion(0.05, 0.02, method="clopper_pearson").exact == pytest.approx(507.434750912, rel=1e-9)
    # ((qnorm(.95) + qnorm(.8)) / (2*asin(sqrt(.30)) - 2*asin(sqrt(.24))))^2
    assert size_for_proportion(0.24, null=0.3, alternative="one-sided").exact == pytest.approx(337.562066839, rel=1e-9)


# --- statsmodels -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.4, 1.0, 2.5])
@pytest.mark.parametrize(("alternative", "theirs"), [("two-sided", "two-sided"), ("one-sided", "larger")])
def test_unequal_groups_against_statsmodels(ratio, alternative, theirs):
    from statsmodels.stats.power import NormalIndPower, TTestIndPower

    means = size_for_comparison(sd=2, difference=0.7, power=0.9, ratio=ratio, alternative=alternative, level=0.99)
    first = TTestIndPower().solve_power(0.35, None, 0.01, 0.9, ratio=ratio, alternative=theirs)
    assert means.exact / (1 + ratio) == pytest.approx(first, rel=1e-6)
    pair = 0.62, 0.5
    size = size_for_comparison(p=pair, power=0.9, ratio=ratio, alternative=alternative, method="arcsine")
    first = NormalIndPower().solve_power(effect_h(*pair), None, 0.05, 0.9, ratio=ratio, alternative=theirs)
    assert size.exact / (1 + ratio) == pytest.approx(first, rel=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_pooled_test_of_unequal_groups_against_fleiss(ratio):
    p1, p2, z, beta = 0.3, 0.42, stats.norm.isf(0.025), stats.norm.isf(0.1)
    q1, q2, middle = 1 - p1, 1 - p2, (p1 + ratio * p2) / (1 + ratio)
    spread = z * math.sqrt((ratio + 1) * middle * (1 - middle)) + beta * math.sqrt(ratio * p1 * q1 + p2 * q2)
    first = spread**2 / (ratio * (p2 - p1) ** 2)  # Fleiss, Levin and Paik (2003), ch. 4, no correction
    assert size_for_comparison(p=(p1, p2), power=0.9, ratio=ratio).exact / (1 + ratio) == pytest.approx(first, rel=1e-9)


@pytest.mark.parametrize(("method", "theirs"), [("wald", "normal"), ("wilson", "wilson"), ("clopper_pearson", "beta")])
@pytest.mark.parametrize(("p", "n"), [(0.1, 50), (0.5, 7.5), (0.97, 321.25)])
def test_margins_of_shares_against_statsmodels(method, theirs, p, n):
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(p * n, n, alpha=0.1, method=theirs)
    row = precision_of(n, p=p, method=method, level=0.9).to_frame().iloc[0]
    assert row["margin"] == pytest.approx((high - low) / 2, rel=1e-9) or (method == "wald" and min(low, 1 - high) <= 0)
    if 0 < low < high < 1:
        assert (row["low"], row["high"]) == pytest.approx((low, high), rel=1e-9)


def test_margin_of_a_difference_of_shares_against_statsmodels():
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(60, 100, 120, 300, method="wald", compare="diff", alpha=0.05)
    assert precision_of(400, p=(0.6, 0.4), ratio=3).margin == pytest.approx((high - low) / 2, rel=1e-9)


# --- simulated studies -------------------------------------------------------------------------------------

REPEATS = 8000
BOUND = 4 * math.sqrt(0.25 / REPEATS)  # four standard errors of a simulated share


def test_power_of_welchs_test_in_simulated_studies():
    rng = np.random.default_rng(20240501)
    n1, n2 = 12, 24
    first = rng.normal(0, 2.0, (REPEATS, n1))
    second = rng.normal(1.4, 0.7, (REPEATS, n2))
    found = np.mean(stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue < 0.05)
    planned = size_for_comparison(sd=(2.0, 0.7), difference=1.4, ratio=2).reached(n1 + n2)
    assert planned == pytest.approx(found, abs=BOUND)


def overlapping_tests(rng, sds, shift, sizes, both, r, *, pooled):
    """Share of simulated studies in which the partially overlapping t test of Derrick and others finds the difference."""
    (s1, s2), (n1, n2) = sds, sizes
    covariance = [[s1**2, r * s1 * s2], [r * s1 * s2, s2**2]]
    pairs = rng.multivariate_normal([0, shift], covariance, (REPEATS, both))
    alone = rng.normal(0, s1, (REPEATS, n1 - both)), rng.normal(shift, s2, (REPEATS, n2 - both))
    one, two = (np.concatenate([pairs[..., k], alone[k]], axis=1) for k in (0, 1))
    v1, v2 = one.var(axis=1, ddof=1), two.var(axis=1, ddof=1)
    seen_r = np.array([np.corrcoef(pair.T)[0, 1] for pair in pairs])
    if pooled:
        v1 = v2 = ((n1 - 1) * v1 + (n2 - 1) * v2) / (n1 + n2 - 2)
        independent = n1 + n2 - 2
    else:
        independent = (v1 / n1 + v2 / n2) ** 2 / ((v1 / n1) ** 2 / (n1 - 1) + (v2 / n2) ** 2 / (n2 - 1))
    error = np.sqrt(v1 / n1 + v2 / n2 - 2 * seen_r * np.sqrt(v1 * v2) * both / (n1 * n2))
    df = both - 1 + (independent - both + 1) / (n1 + n2) * (n1 + n2 - 2 * both)
    return np.mean(np.abs(two.mean(axis=1) - one.mean(axis=1)) / error > stats.t.isf(0.025, df))


OVERLAPS = [  # sd, difference, overlap, r, first group, ratio; overlap and ratio leave whole numbers of people
    (1.0, 0.5, 0.5, 0.7, 40, 1),
    (1.0, 0.3, 0.25, -0.4, 40, 1),
    (1.0, 0.8, 0.9, -0.5, 20, 3),
    ((1.0, 1.0), 0.8, 0.9, -0.5, 20, 3),
    ((1.0, 2.0), 1.2, 0.75, 0.6, 20, 2),
]


@pytest.mark.parametrize(("sd", "difference", "overlap", "r", "first", "ratio"), OVERLAPS)
def test_power_of_overlapping_waves_in_simulated_studies(sd, difference, overlap, r, first, ratio):
    """One sd plans the test of equal variances, a pair that of unequal ones, which finds less among unequal groups."""
    sds, sizes = np.broadcast_to(sd, 2), (first, first * ratio)
    plan = size_for_comparison(sd=sd, difference=difference, overlap=overlap, r=r, ratio=ratio)
    both = round(overlap * first)
    found = overlapping_tests(np.random.default_rng(7), sds, difference, sizes, both, r, pooled=np.ndim(sd) == 0)
    assert plan.reached(sum(sizes)) == pytest.approx(found, abs=4 * math.sqrt(found * (1 - found) / REPEATS))
    assert ("pooled variance" if np.ndim(sd) == 0 else "Welch's test") in plan.note()


def test_unequal_groups_lose_power_where_variances_are_not_pooled():
    shape = {"difference": 0.8, "overlap": 0.9, "r": -0.5, "ratio": 3}
    pooled, unpooled = size_for_comparison(sd=1, **shape), size_for_comparison(sd=(1, 1), **shape)
    assert pooled.reached(84) - unpooled.reached(84) > 0.01


def test_coverage_of_a_margin_from_a_small_population():
    """Samples of 15 from 20 people: t with 14 degrees of freedom and the share not asked."""
    rng = np.random.default_rng(11)
    people = rng.normal(4, 1, 20)
    drawn = rng.permuted(np.tile(people, (REPEATS, 1)), axis=1)[:, :15]
    half = [precision_of(15, sd=sd, population=20).margin for sd in drawn.std(axis=1, ddof=1)[:200]]
    factor = half[0] / drawn[0].std(ddof=1)
    assert np.allclose(half, factor * drawn.std(axis=1, ddof=1)[:200])  # the margin is proportional to sd
    covered = np.abs(drawn.mean(axis=1) - people.mean()) <= factor * drawn.std(axis=1, ddof=1)
    assert covered.mean() == pytest.approx(0.95, abs=0.02)


# --- identities --------------------------------------------------------------------------------------------


@quick
@given(spreads, st.floats(0.05, 1), st.sampled_from(["t", "z"]), st.floats(1, 3), st.sampled_from([None, 60, 5000]))
def test_a_mean_keeps_its_margin_and_one_interview_fewer_does_not(sd, margin, quantile, deff, population):
    assume(population is None or sd / margin > 0.5)
    plan = {"quantile": quantile, "deff": deff, "population": population}
    size = size_for_mean(sd, margin, **plan)
    assert size.exact <= (population or math.inf)
    assert precision_of(size.n, sd=sd, **plan).margin <= margin * (1 + 1e-9)
    assert precision_of(size.n, sd=sd, **plan).margin == pytest.approx(size.achieved, rel=1e-12)
    if size.n > 3:
        assert size.reached(size.n - 1) > margin


@quick
@given(shares, st.floats(0.01, 0.2), st.sampled_from(["wald", "wilson", "clopper_pearson"]), st.floats(0.6, 3))
def test_a_share_keeps_its_margin_and_one_interview_fewer_does_not(p, margin, method, deff):
    size = size_for_proportion(p, margin, method=method, deff=deff, population=20_000)
    plan = {"p": p, "method": method, "deff": deff, "population": 20_000}
    assert precision_of(size.n, **plan).margin <= margin * (1 + 1e-9)
    if size.n > 1:
        assert precision_of(size.n - 1, **plan).margin > margin * (1 - 1e-9)


@quick
@given(spreads, effects, st.floats(0.5, 0.99), st.sampled_from(["two-sided", "one-sided"]), st.sampled_from(["t", "z"]))
def test_what_a_size_was_made_for_is_what_it_detects(sd, effect, power, alternative, quantile):
    asked = {"alternative": alternative, "quantile": quantile, "level": 0.9, "deff": 1.3}
    gap = effect * sd
    size = size_for_gap(sd=sd, gap=gap, power=power, **asked)
    assume(size.exact > 2.01)
    assert detectable(size.exact, sd=sd, power=power, **asked).difference == pytest.approx(gap, rel=1e-8)
    assert size.achieved >= power
    assert size.reached(size.n - 1) < power or size.n == 2


@quick
@given(spreads, effects, st.floats(0.25, 4), st.floats(0, 1), st.floats(-0.5, 0.9))
def test_two_samples_detect_what_they_were_sized_for(sd, effect, ratio, overlap, r):
    shape = {"ratio": ratio, "overlap": overlap, "r": r if overlap else 0.0, "comparisons": 3}
    size = size_for_comparison(sd=sd, difference=effect * sd, **shape)
    found = detectable(size.exact, sd=sd, pairing="independent", **shape)
    assume(size.exact > 2.01 * max(1 + ratio, 1 + 1 / ratio))
    assert found.difference == pytest.approx(effect * sd, rel=1e-7)
    assert sum(size.n_by_cell.values()) == size.n


@quick
@given(st.floats(0.1, 0.8), st.floats(0.03, 0.15), st.sampled_from(["pooled", "arcsine"]), st.floats(0.3, 3))
def test_two_shares_detect_what_they_were_sized_for(p, step, method, ratio):
    size = size_for_comparison(p=(p, p + step), method=method, ratio=ratio, deff=1.5)
    found = detectable(size.exact, p=p, method=method, ratio=ratio, deff=1.5).to_frame().iloc[0]
    assert found["p_higher"] == pytest.approx(p + step, abs=1e-8)
    assert found["p_lower"] < p


@quick
@given(st.floats(1, 5000), st.floats(1.0, 6), st.sampled_from([50, 900, 1e6]), st.sampled_from(["mean", "proportion"]))
def test_the_ledger_keeps_the_variance_at_every_step(base, deff, population, finite):
    """Every n of the ledger is worth the base n, and none is more than there are people."""
    goal = Goal({"en": "x", "zh": "x"}, lambda effective, n: effective**-0.5, base**-0.5, finite=finite)
    ledger = write_ledger(base, goal, population=population, deff=deff)
    after = ledger.step("population")["n"], ledger.step("design")["n"]
    assert effective_n(after[0], population=population, finite=finite) == pytest.approx(base, rel=1e-6)
    assert effective_n(after[1], population=population, deff=deff, finite=finite) == pytest.approx(base, rel=1e-6)
    assert after[0] <= after[1] * (1 + 1e-12)
    assert ledger.n <= population
    factors = ledger.frame["factor"].to_numpy()
    assert after[0] == pytest.approx(base * factors[1])
    assert after[1] == pytest.approx(base * factors[1] * factors[2])


def test_a_design_effect_multiplies_where_the_population_is_endless():
    assert size_for_proportion(0.5, 0.05, deff=1.5).exact == pytest.approx(1.5 * 384.145882069412, rel=1e-12)


@quick
@given(st.integers(1, 9), st.floats(0.05, 1))
def test_quotas_are_filled_and_response_is_allowed_for(quotas, rate):
    size = size_for_proportion(0.4, 0.04, quotas=quotas, response_rate=rate)
    assert size.n % quotas == 0
    assert size.exact <= size.n < size.exact + quotas
    each = size.to_approach_by_cell
    assert sum(each.values()) == size.n_to_approach
    for name, n in size.n_by_cell.items():
        assert n <= each[name] * rate * (1 + 1e-9)
        assert (each[name] - 1) * rate < n


def test_quotas_by_share_are_each_rounded_up():
    size = size_for_proportion(0.5, 0.05, quotas={"flagship": 0.5, "county": 0.3, "town": 0.2})
    assert size.n_by_cell == {"flagship": 193, "county": 116, "town": 77}
    assert size.n == 386
    assert size.sentence().startswith("386 completed")


def test_quotas_are_filled_within_each_group():
    size = size_for_comparison(sd=1, difference=0.5, quotas=[0.25, 0.75], names=("spring", "autumn"))
    assert size.n_by_cell == {"spring · quota 1": 16, "spring · quota 2": 48,
                              "autumn · quota 1": 16, "autumn · quota 2": 48}  # fmt: skip
    assert next(iter(size.in_language("zh").n_by_cell)) == "spring · 配额 1"


def test_a_panel_of_all_the_same_people_is_a_paired_sample():
    for r in (0.0, 0.5, 0.9):
        waves = size_for_comparison(sd=(0.8, 1.1), difference=0.3, overlap=1, r=r)
        pairs = size_for_gap(sd_e=0.8, sd_p=1.1, r=r, gap=0.3)
        assert waves.exact / 2 == pytest.approx(pairs.exact, rel=1e-9)


def test_an_independent_gap_is_a_comparison_of_two_groups():
    gap = size_for_gap(sd_e=0.7, sd_p=1.1, gap=0.2, pairing="independent", ratio=2)
    groups = size_for_comparison(sd=(0.7, 1.1), difference=0.2, ratio=2)
    assert gap.exact == pytest.approx(groups.exact, rel=1e-12)
    margin = size_for_gap(sd_e=0.7, sd_p=1.1, margin=0.2, pairing="independent", ratio=2)
    known = precision_of(margin.exact, sd_e=0.7, sd_p=1.1, pairing="independent", ratio=2).margin
    assert known == pytest.approx(0.2, rel=1e-9)


def test_a_margin_of_a_gap_is_that_of_a_mean():
    assert size_for_gap(sd=1.3, margin=0.1).exact == pytest.approx(size_for_mean(1.3, 0.1).exact, rel=1e-12)
    assert precision_of(80, sd_e=1, sd_p=2, r=0.5).margin == pytest.approx(precision_of(80, sd=3**0.5).margin)


def test_a_mean_against_a_standard_is_a_paired_gap():
    assert size_for_mean(1.3, difference=0.2).exact == pytest.approx(size_for_gap(sd=1.3, gap=0.2).exact, rel=1e-12)


def test_several_comparisons_share_the_risk():
    each = size_for_comparison(sd=1, difference=0.5, comparisons=5)
    assert each.exact == pytest.approx(size_for_comparison(sd=1, difference=0.5, level=0.99).exact, rel=1e-12)


def test_degrees_of_freedom_follow_the_interviews_not_the_finite_population():
    expected = stats.t.isf(0.025, 14) * math.sqrt((1 - 15 / 20) / 15)
    assert precision_of(15, sd=1, population=20).margin == pytest.approx(expected, rel=1e-12)
    worth = stats.t.isf(0.025, 100 / 4 - 1) / math.sqrt(100 / 4)
    assert precision_of(100, sd=1, deff=4).margin == pytest.approx(worth, rel=1e-12)


def test_a_design_effect_and_a_small_population_together_give_no_degrees_of_freedom():
    """Sixty people in thirty identical pairs have a design effect of exactly 2: the arithmetic of pairs is the truth."""
    size = size_for_mean(1, margin=0.3, population=60, deff=2)
    for pairs in (17, 18, 19, 25):
        truth = stats.t.isf(0.025, pairs - 1) * math.sqrt(1 / pairs - 1 / 30)
        assert size.reached(2 * pairs) == pytest.approx(truth, rel=1e-12)
    assert size.n == 38
    assert size.reached(38) <= 0.3 < size.reached(37)
    assert round(size.reached(37), 3) == 0.303
    row = precision_of(20, sd=1, population=40, deff=4)
    assert row.margin == pytest.approx(stats.t.isf(0.025, 4) * math.sqrt(4 * (1 / 20 - 1 / 40)), rel=1e-12)
    assert round(row.margin, 3) == 0.878
    found = detectable(20, sd=1, population=40, deff=4).difference / math.sqrt(4 * (1 / 20 - 1 / 40))
    assert Test(0.95).power(found, 4) == pytest.approx(0.8, rel=1e-9)


def test_fewer_than_one_store_of_interviews_has_no_error():
    for n, deff in ((4, 4), (20, 25)):
        with pytest.raises(SpecError, match="too few to estimate an error"):
            precision_of(n, sd=1, population=40, deff=deff)
    assert precision_of(40, sd=1, population=40, deff=40).margin == 0


@quick
@given(st.floats(2, 400), st.floats(0.2, 8), st.sampled_from([None, 500, 10_000]))
def test_degrees_of_freedom_never_exceed_the_interviews(n, deff, population):
    assume(min(n, n / deff) > 1.5)
    worth = min(n, n / deff)
    half = precision_of(n, sd=1, deff=deff, population=population).margin
    left = 1 if population is None else 1 - n / population
    assert half == pytest.approx(stats.t.isf(0.025, worth - 1) * math.sqrt(deff * left / n), rel=1e-9)


@pytest.mark.parametrize(("p1", "p2"), [(0.1, 0.9), (0.7, 0.75), (0.5, 0.5), (0.02, 0.3)])
def test_two_shares_cannot_correlate_beyond_their_extreme_tables(p1, p2):
    """Everybody placed by one uniform number, in the same order and in the opposite one."""
    u = (np.arange(100_000) + 0.5) / 100_000
    same, opposite = np.corrcoef(u < p1, u < p2)[0, 1], np.corrcoef(u < p1, u > 1 - p2)[0, 1]
    low, high = possible_r(p1, p2)
    assert (low, high) == pytest.approx((opposite, same), abs=1e-9)
    for r in (low, high):
        assert p2 in (0.5, p1) or size_for_comparison(p=(p1, p2), overlap=1, r=0.999 * r).n > 1
        if abs(r) < 0.99:
            with pytest.raises(SpecError, match="cannot be: yes/no answers of the same people with shares"):
                size_for_comparison(p=(p1, p2), margin=0.1, overlap=0.5, r=1.01 * r)


@quick
@given(shares, st.floats(-0.9, 0.95))
def test_shares_that_are_detected_allow_the_correlation(p, r):
    assume(r != 0)
    low, high = possible_r(p, p)
    if not low <= r <= high:
        with pytest.raises(SpecError, match="correlate between"):
            detectable(300, p=p, overlap=1, r=r)
        return
    row = detectable(300, p=p, overlap=1, r=r).to_frame().iloc[0]
    for found in (row["p_lower"], row["p_higher"]):
        assert math.isnan(found) or possible_r(p, found)[0] - 1e-6 <= r <= possible_r(p, found)[1] + 1e-6
    ends = shares_beside(p, r)
    for end in ends:
        assert end in (0.0, 1.0) or min(abs(bound - r) for bound in possible_r(p, end)) < 1e-6


def test_a_share_that_no_r_allows_is_left_out_with_its_reason():
    table = detectable([10, 4000], p=0.5, overlap=1, r=0.95)
    assert table.to_frame()["reason"].tolist() == ["both of this r", ""]
    assert table.shown()["remark"].iloc[0] == "no other share that allows this r is found"
    assert table.in_language("zh").shown()["说明"].iloc[0] == "与该 r 相容的其他比例均无法发现"


def test_the_handbooks_interval_of_a_rare_share_is_called_too_short():
    size = size_for_proportion(0.02, 0.05)
    covered = sum(
        stats.binom.pmf(x, 31, 0.02)
        for x in range(32)
        if abs(x / 31 - 0.02) <= stats.norm.isf(0.025) * math.sqrt(x / 31 * (1 - x / 31) / 31)
    )
    assert (size.n, round(covered, 3)) == (31, 0.465)
    wilson = size_for_proportion(0.02, 0.05, method="wilson")
    told = (
        "at p = 0.02 the Wald interval of 31 interviews covers the share in 46.5% of samples, not 95%, since 0.62 of the "
        f"rarer answer are expected; Wilson's (method='wilson') needs {wilson.n} interviews"
    )
    assert size.sentence().endswith(f" (95% confidence). But {told}.")
    assert told in size.note()
    chinese = size.in_language("zh")
    assert chinese.sentence().endswith("预期仅 0.62 份；Wilson 区间（method='wilson'）需 52 份访谈。")
    assert "实际覆盖率为 46.5%，而非 95%" in chinese.note()
    assert wilson.caution == size_for_proportion(0.5, 0.05).caution == {}
    assert "is too short, since" in size_for_proportion(0.98, 0.05, population=300).sentence()
    assert size_for_proportion(0.1, 0.0592).n * 0.1 < 10 <= size_for_proportion(0.1, 0.0585).n * 0.1
    assert size_for_proportion(0.1, 0.0592).caution
    assert not size_for_proportion(0.1, 0.0585).caution
    assert not size_for_proportion(0.5, 0.05, population=12).caution, "everyone is asked"


def test_a_margin_from_few_of_the_rarer_answer_is_called_too_short():
    table = precision_of([31, 4000], p=0.02)
    assert "46.5% of samples, not 95%" in table.note()
    assert "宜用 method='wilson'" in table.in_language("zh").note()
    assert "too short" in precision_of(31, p=0.02, population=90).note()
    for fine in (
        precision_of(31, p=0.02, method="wilson"),
        precision_of(500, p=0.02),
        precision_of(31, p=0.02, population=31),
    ):
        assert "Wald interval of" not in fine.note()


def test_people_are_approached_for_each_group_and_quota():
    size = size_for_comparison(sd=1, difference=0.5, response_rate=0.7)
    assert size.n_by_cell == {"group 1": 64, "group 2": 64}
    assert size.to_approach_by_cell == {"group 1": 92, "group 2": 92}
    assert size.n_to_approach == 184
    assert "184 people must be approached" in size.sentence()


def test_a_small_population_says_that_the_analysis_must_know_it():
    margin, power = size_for_mean(1, 0.2, population=300), size_for_gap(sd=1, gap=0.3, population=200)
    assert "this takes an interval with the finite population correction" in margin.note()
    assert (
        "this takes a test with the finite population correction √(1 − n/N); an ordinary test finds less"
        in power.note()
    )
    assert "检验须作有限总体校正" in power.in_language("zh").note()
    assert "finite population correction" not in size_for_mean(1, 0.2).note()


def test_the_power_of_a_gap_in_a_small_population_is_that_of_the_corrected_test():
    """4,000 samples from 60 people: the corrected test has the power, the ordinary one less."""
    size, rng, runs = size_for_gap(sd=1, gap=0.4, population=60), np.random.default_rng(21), 4000
    people = rng.normal(size=(runs, 60))
    people = (people - people.mean(axis=1, keepdims=True)) / people.std(axis=1, ddof=1, keepdims=True) + 0.4
    drawn = people[:, : size.n]
    t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / math.sqrt(size.n))
    critical, left = stats.t.isf(0.025, size.n - 1), math.sqrt(1 - size.n / 60)
    assert np.mean(np.abs(t) / left > critical) == pytest.approx(size.achieved, abs=4 * math.sqrt(0.16 / runs))
    assert np.mean(np.abs(t) > critical) < size.achieved - 0.1


def test_everyone_asked_leaves_no_error():
    assert precision_of(50, sd=1, population=50).margin == 0
    assert precision_of(50, p=0.3, population=50).to_frame()[["margin", "low", "high"]].iloc[0].tolist() == [
        0,
        0.3,
        0.3,
    ]
    assert detectable(50, sd=1, population=50).difference == 0
    assert size_for_gap(sd=1, gap=0.01, population=50).n == 50


def test_power_stays_exact_far_out_and_never_leaves_0_to_1():
    test = Test(0.95)
    shifts = np.linspace(0, 60, 241)
    for df in (1, 2, 30, 4000, math.inf):
        curve = np.array([test.power(shift, df) for shift in shifts])
        assert curve[0] == pytest.approx(0.05, abs=1e-9)
        assert (np.diff(curve) > -1e-9).all()
        assert (curve <= 1 + 1e-12).all()
    assert one_sample(1).power(0.5, test)(math.inf, 20) == 1.0


def test_noise_of_the_last_digits_is_not_an_interview():
    assert [round_up(n) for n in (385, 385.0000000001, 385.001, 1e6 + 1e-7, 0.3 / 0.1)] == [385, 385, 386, 1000000, 3]
    goal = Goal({"en": "x", "zh": "x"}, lambda effective, n: effective**-0.5, 0.05)
    assert write_ledger(400.0000000001, goal).n == 400


def test_the_ledger_has_a_row_for_every_step_and_is_left_alone():
    size = size_for_proportion(0.5, 0.05, population=3000, deff=1.4, response_rate=0.4, quotas=6)
    assert size.to_frame()["step"].tolist() == list(STEPS)
    assert size.to_frame()["n_rounded"].tolist() == [385, 341, 457, 457, 462]
    assert size.to_frame()["n_to_approach"].tolist()[3:] == [1143, 1158]  # six quotas of 77, each 193 people
    table = size.to_frame()
    table["n_rounded"] = 0
    assert size.n == 462


# --- what cannot be planned --------------------------------------------------------------------------------

BAD = [
    ("sd=0", lambda: size_for_mean(0, 0.1)),
    ("sd=-1", lambda: size_for_mean(-1, 0.1)),
    ("sd=nan", lambda: size_for_mean(float("nan"), 0.1)),
    ("sd='1.2'", lambda: size_for_mean("1.2", 0.1)),
    ("margin=0 ", lambda: size_for_mean(1, 0)),
    ("margin=inf", lambda: size_for_mean(1, math.inf)),
    ("margin=5 ", lambda: size_for_proportion(0.5, 5)),
    ("either margin .* one of them", lambda: size_for_mean(1)),
    ("not both", lambda: size_for_mean(1, 0.1, difference=0.2)),
    ("p=0 ", lambda: size_for_proportion(0, 0.05)),
    ("p=50 ", lambda: size_for_proportion(50, 0.05)),
    ("null=0.5 equals p", lambda: size_for_proportion(0.5, null=0.5)),
    ("margin has two sides.*level=0.9", lambda: size_for_proportion(0.5, 0.1, alternative="one-sided")),
    ("method='willson'.*'wilson'", lambda: size_for_proportion(0.5, 0.05, method="willson")),
    ("level=95 .*0.95", lambda: size_for_mean(1, 0.1, level=95)),
    ("power=0.05 .*between 0.05 and 1", lambda: size_for_gap(sd=1, gap=0.2, power=0.05)),
    ("power=1 ", lambda: size_for_gap(sd=1, gap=0.2, power=1)),
    ("power=80 ", lambda: detectable(100, sd=1, power=80)),
    ("gap=-0.2 .*without its sign", lambda: size_for_gap(sd=1, gap=-0.2)),
    ("gap=0 ", lambda: size_for_gap(sd=1, gap=0)),
    ("no sample up to 1,000,000,000", lambda: size_for_gap(sd=1, gap=1e-6)),
    ("all of sd_e, sd_p and r", lambda: size_for_gap(sd_e=1, sd_p=1, gap=0.2)),
    ("all of sd_e, sd_p and r", lambda: size_for_gap(sd=1, r=0.5, gap=0.2)),
    ("no correlation", lambda: size_for_gap(sd_e=1, sd_p=1, r=0.5, gap=0.2, pairing="independent")),
    ("r=1 ", lambda: size_for_gap(sd_e=1, sd_p=1, r=1, gap=0.2)),
    ("population is for one sample", lambda: size_for_gap(sd_e=1, sd_p=1, gap=0.2, pairing="independent", population=90)),
    ("pairing='pared'", lambda: size_for_gap(sd=1, gap=0.2, pairing="pared")),
    ("response_rate=0 ", lambda: size_for_mean(1, 0.1, response_rate=0)),
    ("response_rate=40 ", lambda: size_for_mean(1, 0.1, response_rate=40)),
    ("deff=0 ", lambda: size_for_mean(1, 0.1, deff=0)),
    ("population=0 ", lambda: size_for_mean(1, 0.1, population=0)),
    ("population=1 is smaller than 2", lambda: yamane(1)),
    ("quotas=0 ", lambda: size_for_mean(1, 0.1, quotas=0)),
    ("quotas=2.5 ", lambda: size_for_mean(1, 0.1, quotas=2.5)),
    ("add up to 1", lambda: size_for_mean(1, 0.1, quotas=[0.5, 0.4])),
    ("north: 0;", lambda: size_for_mean(1, 0.1, quotas={"north": 0, "south": -1, "east": 2})),
    ("either sd .* or p", lambda: size_for_comparison(difference=1)),
    ("difference follows from p", lambda: size_for_comparison(p=(0.1, 0.2), difference=0.1)),
    ("shares are equal", lambda: size_for_comparison(p=(0.2, 0.2))),
    ("p=0.2 .*both groups", lambda: size_for_comparison(p=0.2)),
    ("ratio=0 ", lambda: size_for_comparison(sd=1, difference=1, ratio=0)),
    ("overlap=1.5 ", lambda: size_for_comparison(sd=1, difference=1, overlap=1.5)),
    ("comparisons=0 ", lambda: size_for_comparison(sd=1, difference=1, comparisons=0)),
    ("two different names", lambda: size_for_comparison(sd=1, difference=1, names=("a", "a"))),
    ("one for each of two groups", lambda: size_for_comparison(sd=(1, 2, 3), difference=1)),
    ("n=1 .*at least 2", lambda: precision_of(1, sd=1)),
    ("n=nan", lambda: precision_of([10, float("nan")], sd=1)),
    ("n=60, 70 .*population of 50", lambda: precision_of([40, 60, 70], sd=1, population=50)),
    ("n is empty", lambda: precision_of([], sd=1)),
    ("needs sd for a mean", lambda: precision_of(10)),
    ("either p or standard deviations", lambda: precision_of(10, p=0.5, sd=1)),
    ("too few to estimate an error", lambda: precision_of(3, sd=1, deff=4)),
    ("too few to estimate an error", lambda: detectable(3, sd=1, deff=4)),
    ("icc=2 .*from 0 to 1 ", lambda: design_effect(5, 2)),
    ("icc=-0.1 .*from 0 to 1 ", lambda: design_effect(5, -0.1)),
    ("cv=-1 .*of 0 or more", lambda: design_effect(5, 0.1, cv=-1)),
    ("r=0.9 cannot be.*between -1 and 0.1111", lambda: size_for_comparison(p=(0.1, 0.9), overlap=1, r=0.9)),
    ("r=-0.5 cannot be.*between -0.3780 and|r=-0.5 cannot be.*between -0.378 and", lambda: size_for_comparison(p=(0.7, 0.75), margin=0.05, overlap=0.5, r=-0.5)),
    ("ratio=3 has no place here: paired", lambda: size_for_gap(sd=1, gap=0.2, ratio=3)),
    ("power=0.9 has no place here: a margin", lambda: size_for_mean(1, 0.1, power=0.9)),
    ("power=0.9 has no place here", lambda: size_for_proportion(0.5, 0.05, power=0.9)),
    ("power=0.9 has no place here", lambda: size_for_comparison(p=(0.7, 0.75), margin=0.05, power=0.9)),
    ("method='wilson' has no place here: .*arcsine", lambda: size_for_proportion(0.24, null=0.3, method="wilson")),
    ("method='arcsine' has no place here: .*means", lambda: size_for_comparison(sd=1, difference=0.3, method="arcsine")),
    ("method='pooled' has no place here", lambda: size_for_comparison(p=(0.7, 0.75), margin=0.05, method="pooled")),
    ("r=0.9 .*without overlap", lambda: size_for_comparison(sd=1, difference=0.3, r=0.9)),
    ("quantile='t' has no place here: shares", lambda: size_for_comparison(p=(0.7, 0.75), quantile="t")),
    ("ratio=3 has no place here: there is one sample", lambda: precision_of(100, sd=1, ratio=3)),
    ("ratio=3 has no place here", lambda: precision_of(100, p=0.5, ratio=3)),
    ("method='wilson' has no place here: .*mean", lambda: precision_of(100, sd=1, method="wilson")),
    ("quantile='z' has no place here", lambda: precision_of(100, p=0.5, quantile="z")),
    ("pairing='independent' has no place here", lambda: precision_of(100, p=0.5, pairing="independent")),
    ("r=0.5 .*without overlap", lambda: detectable(100, p=0.5, r=0.5)),
    ("sd=1 has no place here: with p", lambda: detectable(100, p=0.5, sd=1)),
    ("quantile='t' has no place here", lambda: detectable(100, p=0.5, quantile="t")),
    ("method='arcsine' has no place here", lambda: detectable(100, sd=1, method="arcsine")),
    ("ratio=2, overlap=0.5 have no place here.*Leave them out", lambda: detectable(100, sd=1, overlap=0.5, ratio=2)),
    ("overlap=0.5 has no place here: .*different people", lambda: detectable(100, sd_e=1, sd_p=1, pairing="independent", overlap=0.5)),
    ("r=-0.9 cannot be", lambda: detectable(100, p=0.7, overlap=1, r=-0.9)),
    ("per_cluster=0.5 ", lambda: design_effect(0.5, 0.1)),
]  # fmt: skip


@pytest.mark.parametrize(("words", "call"), BAD, ids=[words for words, _ in BAD])
def test_bad_plans_are_refused_with_the_name_of_the_argument(words, call):
    with pytest.raises(SpecError, match=words):
        call()


def test_a_population_that_cannot_give_the_interviews_says_what_it_can_give():
    with pytest.raises(
        SpecError, match=r"218 interviews mean approaching 727 people.*150 interviews at most.*±6\.\d+ perc"
    ):
        size_for_proportion(0.5, 0.05, population=500, response_rate=0.3)
    with pytest.raises(SpecError, match="population=10 is too small"):
        size_for_proportion(0.5, 0.05, population=10, quotas=4)


# --- words and pictures ------------------------------------------------------------------------------------

PLANS = [
    size_for_mean(1.2, 0.2, population=1500, deff=1.4, response_rate=0.5, quotas=3),
    size_for_mean(1.2, difference=0.2, quantile="z"),
    size_for_proportion(0.05, 0.02, method="wilson"),
    size_for_proportion(0.24, null=0.3, alternative="one-sided"),
    size_for_gap(sd_e=0.6, sd_p=0.9, r=0.5, gap=0.15),
    size_for_gap(sd_e=0.6, sd_p=0.9, margin=0.1, pairing="independent"),
    size_for_comparison(sd=1, difference=0.3, ratio=2, overlap=0.5, r=0.6, comparisons=3),
    size_for_comparison(p=(0.7, 0.75), method="arcsine"),
    size_for_comparison(p=(0.7, 0.75), margin=0.05),
    yamane(2000),
    krejcie_morgan(2000, response_rate=0.8),
    precision_of([30, 100], sd=1.2, deff=1.4),
    precision_of([30, 100], p=0.2, method="wilson", population=4000),
    detectable([30, 100], sd=1.2),
    detectable([20, 400], p=0.9),
]


@pytest.mark.parametrize("result", PLANS, ids=[plan.title() for plan in PLANS])
def test_every_result_speaks_both_languages(result):
    chinese = result.in_language("zh")
    said = [chinese.title(), chinese.sentence(), chinese.note(), *chinese.shown().columns]
    for text in said[:3]:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
        assert not any(mark in text.split("来源：")[0] for mark in ("; ", "，,", "None", "nan", "{"))
    assert chinese.sentence().endswith("。")
    assert result.sentence().endswith(".")
    assert result.sentence("zh") == chinese.sentence()
    english = " ".join([result.to_string(), result.sentence()])
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)
    assert chinese.to_frame().equals(result.to_frame())


def test_the_ledger_reads_as_a_referee_would_write_it():
    assert size_for_mean(
        1.2, 0.2, population=1500, deff=1.4, response_rate=0.5, quotas=4, quantile="z"
    ).to_string() == (
        "Sample size for a mean: 172 interviews\n"
        "step                  formula                                  factor  n, exact  interviews  to approach\n"
        "simple random sample  (1.96 × 1.2 / 0.2)²                           –    138.29         139            –\n"
        "finite population     138.3 / (1 + 138.3 / 1,500)               0.916    126.62         127            –\n"
        "design effect         126.6 × 1.4 / (1 + 0.4 × 126.6 / 1,500)   1.354    171.48         172            –\n"
        "response rate         172 / 0.5                                 2.000    171.48         172          344\n"
        "quota rounding        4 × ⌈171.5 / 4⌉                           1.003    172.00         172          344\n"
        "95% confidence, wanted ±0.2, achieved ±0.1997; 43 in each of 4 quotas; sd = 1.2; normal quantile, as if sd were "
        "known; this takes an interval with the finite population correction √(1 − n/N); with quotas the figure holds if those asked within a quota stand for all its people, which "
        "quotas cannot show. Source: Cochran (1977), Sampling Techniques, 3rd ed., ch. 4."
    )


def test_the_formulas_of_the_ledger_give_its_numbers():
    """The signs that are printed are arithmetic: Python reads them."""
    size = size_for_comparison(p=(0.7, 0.75), deff=1.4, ratio=2, response_rate=0.6)
    limited = size_for_proportion(0.3, 0.05, population=900, deff=0.8)
    rows = [size.step(name) for name in ("base", "design")] + [limited.step(name) for name in list(STEPS)[:3]]
    for row in rows:
        text = row["formula"].replace("×", "*").replace("−", "-").replace("²", "**2").replace(",", "")
        assert eval(text) == pytest.approx(row["n"], rel=2e-3), text


def test_students_t_is_told_apart_from_the_normal_quantile_in_the_ledger():
    size = size_for_mean(1.2, 0.2, population=100, deff=1.4)
    assert size.step("base")["formula"] == "(t(df) × 1.2 / 0.2)² (z: 138.3)"
    assert size.step("population")["formula"] == "140.7 / (1 + 140.7 / 100) = 58.46, df → 59.06"
    assert size.step("population")["n"] == pytest.approx(size_for_mean(1.2, 0.2, population=100).exact, rel=1e-12)
    assert "df" not in size_for_mean(1.2, 0.2, population=100, quantile="z").to_string()


def test_labelled_tables_say_what_they_assume():
    assert "p = 0.5, z = 2 (95.45% confidence)" in yamane(500).note()
    assert "chi-square 3.841" in krejcie_morgan(500).note()
    assert "四舍五入" in krejcie_morgan(500).in_language("zh").note()
    assert krejcie_morgan(2000).step("quotas")["formula"] == "322.35 ≈ 322"
    assert "Clopper and Pearson (1934)" in size_for_proportion(0.05, 0.02, method="clopper_pearson").note()


def test_sentences_word_for_word():
    size = size_for_mean(1.2, 0.2, quantile="z", response_rate=0.4)
    assert size.sentence() == (
        "139 completed interviews estimate a mean to within ±0.2 (95% confidence); "
        "348 people must be approached at a response rate of 40%."
    )
    assert size.sentence("zh") == (
        "完成 139 份访谈，可在 95% 置信水平下将均值的误差控制在 ±0.2 以内；按应答率 40% 计算，需接触 348 人。"
    )
    share, gap = size_for_proportion(0.5, 0.05), size_for_gap(sd=1, gap=0.2)
    assert share.sentence("zh") == "完成 385 份访谈，可在 95% 置信水平下将比例的误差控制在 ±5 个百分点以内。"
    assert (
        gap.sentence() == "199 completed interviews find a gap of 0.2 with a power of 80.17% (significance level 5%)."
    )
    assert gap.sentence("zh") == "完成 199 份访谈，在 5% 显著性水平下发现差距 0.2 的功效为 80.17%。"
    assert precision_of(5, p=0.5).sentence("zh") == "5 份访谈在 95% 置信水平下，比例的误差为 ±43.8 个百分点。"
    assert (
        detectable(100, sd=1).sentence("zh") == "100 份访谈能以 80% 的功效发现不小于 0.2829 的差距（显著性水平 5%）。"
    )


def test_what_no_sample_finds_stays_with_its_reason():
    table = detectable([3, 20, 400], p=0.9, deff=1.2)
    assert table.to_frame()["reason"].tolist() == ["both", "above", ""]
    assert table.shown()["remark"].tolist()[:2] == [
        "no other share is found with so few",
        "no higher share is found with so few",
    ]
    assert table.sentence() == "3 interviews cannot find a difference of two shares with a power of 80%."
    assert table.in_language("zh").shown()["说明"].tolist()[1] == "样本过少，无法发现更高的比例"


def test_the_curve_falls_for_a_margin_and_rises_for_power():
    margin, power = PLANS[0].curve(), PLANS[4].curve()
    assert (np.diff(margin["margin"]) < 0).all()
    assert (np.diff(power["power"]) > 0).all()
    assert PLANS[0].n in margin["n"].to_list()
    assert PLANS[0].curve([5, 1500])["margin"].tolist() == [PLANS[0].reached(5), 0.0]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("k", [0, 2, 4, 6])
def test_the_picture_marks_the_chosen_n(k, language):
    result = PLANS[k].in_language(language)
    ax = result.plot(new_axes())
    lines = {line.get_label(): line for line in ax.lines}
    percent = 100 if result.goal.measure == "power" or result.goal.kind == "share" else 1
    assert (lines["chosen"].get_xdata()[0], lines["chosen"].get_ydata()[0]) == (result.n, percent * result.achieved)
    assert lines["target"].get_ydata()[0] == percent * result.goal.target
    assert f"{result.n:,}" in ax.get_title(loc="left")
    keys = [text.get_text() for text in ax.get_legend().get_texts()]
    assert keys[1:] == (
        ["wanted", f"chosen: n = {result.n:,}"] if language == "en" else ["目标", f"所选：n = {result.n:,}"]
    )
    assert save_svg(ax).startswith("<?xml")


def test_curves_of_several_sizes():
    ax = precision_of([100, 400, 1600], p=0.5).plot(new_axes())
    assert ax.lines[0].get_ydata() == pytest.approx([9.8, 4.9, 2.45], abs=0.01)
    ax = detectable([100, 400], sd=1).in_language("zh").plot(new_axes())
    assert ax.get_title(loc="left") == "可发现的最小值：差距"
    with pytest.raises(SpecError, match="two or more n"):
        precision_of(100, p=0.5).plot(new_axes())
