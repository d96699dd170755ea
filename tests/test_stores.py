"""Store estimates from few interviews.

Authorities: base R's Fay-Herriot model with whole matrices and ``integrate()`` (reference/stores.R), the estimates that
R's package sae prints for the milk data, Efron and Morris's baseball players (Scientific American 1977), Morris's closed
form for equal variances, scipy's t and F tests, statsmodels' mixed model. Identities hold for any data.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammainc

from servqual import Responses, SampleDesign, Variable, load_instrument, read_responses, score_gaps
from servqual.stores import between_interval, between_variance, posterior, rank_draws, store_estimates
from survey_design.errors import DataError, SpecError

ASKED = load_instrument("retail-13")
REFERENCE = tomllib.loads((Path(__file__).parent / "reference" / "stores.toml").read_text(encoding="utf-8"))


# --- made-up studies ---------------------------------------------------------------------------------------


def people(form, sizes, seed, spread=0.8):
    """People of stores A, B, ...; everyone gives one level to the whole form, so that every score is that level."""
    generator = np.random.default_rng(seed)
    store = np.repeat(np.arange(len(sizes)), sizes)
    level = 4.3 + spread * generator.normal(size=len(sizes))[store] + generator.normal(0, 1.1, len(store))
    frame = pd.DataFrame(dict.fromkeys(ASKED.columns(form).values(), np.clip(np.rint(level), 1, 7)))
    frame["store"] = [f"S{k:02d}" for k in store]
    frame["tier"] = np.where(store % 2 == 0, "city", "town")
    frame["region"] = np.where(store < len(sizes) / 2, "north", "south")
    return frame


def found(frame, **design):
    return Responses(frame, ASKED, SampleDesign(**{"clusters": "store", **design}))


def scores(frame, form="P"):
    return frame[next(name for name in frame.columns if name.startswith(f"{form}_"))]


def table(frame, of="perception", **options):
    return store_estimates(found(frame), of=of, **options).to_frame().set_index("store")


def by_hand(y, v, group, tau):
    """Shrunken means, their variances and group means with everything but the group means known."""
    w = 1 / (tau**2 + v)
    mean = pd.Series(w * y).groupby(group).transform("sum") / pd.Series(w).groupby(group).transform("sum")
    pull = v / (tau**2 + v)
    error = 1 / pd.Series(w).groupby(group).transform("sum")
    return y - pull * (y - mean.to_numpy()), v * (1 - pull) + pull**2 * error.to_numpy(), mean.to_numpy()


# --- the model against outside authorities -----------------------------------------------------------------


def milk():
    data = REFERENCE["milk"]
    return np.array(data["y"]), np.array(data["se"]) ** 2, np.array(data["group"])


def test_restricted_maximum_likelihood_is_that_of_r():
    want = REFERENCE["milk"]["reml"]
    tau2 = between_variance(*milk())
    assert tau2 == pytest.approx(want["tau2"], rel=1e-10)
    model = posterior(*milk(), between=np.sqrt(tau2))
    assert model.mean == pytest.approx(want["estimate"], rel=1e-10)
    assert model.sd() ** 2 == pytest.approx(want["variance_given_tau2"], rel=1e-10)


def test_the_printed_estimates_of_rs_package_for_small_areas():
    """sae stops its iteration early, so its tau² is right to six digits; what follows from it is compared given tau²."""
    want = REFERENCE["milk"]["sae"]
    assert between_variance(*milk()) == pytest.approx(want["tau2"], abs=2e-7)
    model = posterior(*milk(), between=np.sqrt(want["tau2"]))
    means = model.means[0]
    assert [means[0], *(means[1:] - means[0])] == pytest.approx(want["coefficients"], abs=5e-8)
    errors = np.sqrt([model.errors[0, 0], *(model.errors[0, 1:] + model.errors[0, 0])])
    assert errors == pytest.approx(want["coefficient_se"], abs=5e-8)
    assert model.mean[:5] == pytest.approx(want["estimate_first_five"], abs=1e-7)  # tau² is rounded too


def test_integrating_over_tau_is_what_r_integrates():
    want = REFERENCE["milk"]["integrated"]
    area, model = want["area"], posterior(*milk())
    assert model.mean[area] == pytest.approx(want["mean"], rel=1e-8)
    assert model.sd()[area] == pytest.approx(want["sd"], rel=1e-8)
    assert model.below(0.9)[area] == pytest.approx(want["below"], rel=1e-7)
    assert model.quantile(0.025)[area] == pytest.approx(want["low"], rel=1e-8)


HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])  # of 45, Clemente to Alvis


def test_efron_and_morris_baseball_players():
    """They shrink by c = .212 about the mean of .265; integrating multiplies 1 - c by the mass that B <= 1 leaves."""
    y, k = HITS / 45, len(HITS)
    v = np.full(k, 0.265 * 0.735 / 45)
    ratio = ((y - y.mean()) ** 2).sum() / v[0]
    assert [y.mean(), 1 - (k - 3) / ratio] == pytest.approx([0.265, 0.212], abs=6e-4)
    model = posterior(y, v, np.zeros(k, dtype=int))
    truncated = gammainc((k - 1) / 2, ratio / 2) / gammainc((k - 3) / 2, ratio / 2)
    assert 1 - model.reliability == pytest.approx(0.788 * truncated, abs=6e-4)
    assert model.toward == pytest.approx(np.full(k, y.mean()), rel=1e-12)


@pytest.mark.parametrize(("k", "spread"), [(5, 0.2), (5, 3.0), (12, 0.7), (60, 1.5)])
def test_equal_variances_have_a_closed_form(k, spread):
    """B is a gamma variable truncated at 1: shape (k - 3)/2, rate S/2v (Morris 1983, flat prior on tau²)."""
    y = spread * np.random.default_rng(k).normal(size=k)
    v, s = 0.25, ((y - y.mean()) ** 2).sum()
    shape, rate = (k - 1) / 2 - 1, s / (2 * 0.25)
    first = shape / rate * gammainc(shape + 1, rate) / gammainc(shape, rate)
    second = shape * (shape + 1) / rate**2 * gammainc(shape + 2, rate) / gammainc(shape, rate)
    model = posterior(y, np.full(k, v), np.zeros(k, dtype=int))
    assert model.mean == pytest.approx(y - first * (y - y.mean()), rel=1e-7, abs=1e-9)
    variance = v * (1 - first) + v * first / k + (second - first**2) * (y - y.mean()) ** 2
    assert model.sd() == pytest.approx(np.sqrt(variance), rel=1e-7)


def test_many_stores_leave_tau_no_room_and_the_points_of_integration_still_find_it():
    """With 5,000 stores the mass is narrow, about the estimate of the analysis of variance; so is the interval of tau²."""
    y = 0.5 * np.random.default_rng(1).normal(size=5000)
    v = np.full(5000, 0.2)
    model = posterior(y, v, np.zeros(5000, dtype=int))
    moments = np.sqrt(max(y.var(ddof=1) - 0.2, 0))
    bounds = [np.sqrt(4999 * y.var(ddof=1) / stats.chi2(4999).ppf(share) - 0.2) for share in (0.975, 0.025)]
    assert np.sqrt(between_variance(y, v, np.zeros(5000, dtype=int))) == pytest.approx(moments, rel=1e-9)
    spread = np.sqrt(model.weight @ (np.sqrt(model.tau2) - model.weight @ np.sqrt(model.tau2)) ** 2)
    assert model.weight @ np.sqrt(model.tau2) == pytest.approx(moments, abs=1e-3)
    assert 2 * 1.96 * spread == pytest.approx(bounds[1] - bounds[0], rel=0.01)
    low, high = np.sqrt(between_interval(y, np.full(5000, 0.2), np.zeros(5000, dtype=int), 1e8))
    assert [low, high] == pytest.approx(bounds, abs=1e-5)  # equal tails


def q_by_regression(y, v, group, tau2):
    """Generalised Q: the weighted residual sum of squares of group dummies, by statsmodels."""
    fit = sm.WLS(y, (group[:, None] == np.unique(group)).astype(float), weights=1 / (tau2 + v)).fit()
    return float(fit.wresid @ fit.wresid)


def halved(over, high):
    """Where a falling function passes 0, by halving."""
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if over(middle) > 0 else (low, middle)
    return low


@pytest.mark.parametrize(("seed", "tau", "level"), [(0, 0.0, 0.95), (1, 0.3, 0.95), (2, 0.8, 0.9), (3, 1.5, 0.99)])
def test_the_interval_of_tau_inverts_the_test_of_q(seed, tau, level):
    """Each bound is the tau² at which Q has its tail, which the power of the F test divides."""
    generator = np.random.default_rng(seed)
    v, group, df = generator.uniform(0.05, 0.6, 14), np.arange(14) % 3, 47.0
    y = group + generator.normal(0, np.sqrt(tau**2 + v))
    typical = stats.gmean(v)

    def below(tau2):
        return stats.f(11, df).cdf(q_by_regression(y, v, group, tau2) / 11)

    def tail(tau2):
        power = stats.f(11, df).sf(stats.f(11, df).ppf(level) * typical / (tau2 + typical))
        return (1 - level) / 2 * (power - (1 - level)) / level

    low, high = between_interval(y, v, group, df, level)
    assert high == pytest.approx(halved(lambda tau2: below(tau2) - tail(tau2), 1e3), rel=1e-7)
    want = halved(lambda tau2: below(tau2) - level - tail(tau2), 1e3)
    assert low == pytest.approx(want, rel=1e-7, abs=1e-12)
    assert (low == 0) == (below(0) <= level)


def test_equal_variances_with_a_wide_spread_have_the_bounds_of_the_analysis_of_variance():
    """Where stores differ much the tails are equal: the textbook ``Σ(y − m)²/χ² − v``."""
    y, v = 50 * np.random.default_rng(4).normal(size=12), np.full(12, 0.1)
    squares = ((y - y.mean()) ** 2).sum()
    want = [squares / stats.chi2(11).ppf(share) - 0.1 for share in (0.975, 0.025)]
    assert between_interval(y, v, np.zeros(12, dtype=int), 1e8) == pytest.approx(want, rel=1e-3)


@pytest.mark.parametrize("tau", [0.0, 0.05, 0.3])
def test_the_interval_of_tau_covers_and_agrees_with_the_f_test(tau):
    """The posterior's quantiles that stood here before held tau = 0 in half of all studies, beside p > .05."""
    generator, held, zero, kept = np.random.default_rng(int(100 * tau)), [], [], []
    group = np.arange(20) % 2
    for _ in range(400):
        n = generator.integers(5, 15, 20)
        df = float((n - 1).sum())
        y = generator.normal(0, np.sqrt(tau**2 + 1.2**2 / n))
        v = 1.2**2 * generator.chisquare(df) / df / n
        low, high = between_interval(y, v, group, df)
        held.append(low <= tau**2 <= high)
        zero.append(low == 0)
        kept.append(stats.f(18, df).sf(q_by_regression(y, v, group, 0.0) / 18) >= 0.05)
    assert 0.92 <= np.mean(held) <= 0.98  # 400 studies: 3 SD
    assert zero == kept


def test_a_q_as_small_as_can_be_still_leaves_an_interval():
    low, high = between_interval(np.array([0.0, 0.1, 0.0, 0.1, 0.0]), np.ones(5), np.zeros(5, dtype=int), 40.0)
    assert low == 0
    assert high > 0


def test_balanced_stores_are_the_mixed_model_of_statsmodels():
    frame = people("perception", [6] * 15, 4)
    long = pd.DataFrame({"y": scores(frame), "store": frame["store"]})
    fit = smf.mixedlm("y ~ 1", long, groups="store").fit(reml=True)
    estimates = store_estimates(found(frame), of="perception")
    told = estimates.differences
    assert told.tau**2 == pytest.approx(float(fit.cov_re.iloc[0, 0]), rel=1e-4)
    known = table(frame, between=told.tau)
    effects = np.array([fit.random_effects[store].iloc[0] for store in known.index])
    assert (known["shrunken"] - known["toward"]).to_numpy() == pytest.approx(effects, abs=1e-4)
    test = stats.f_oneway(*(part["y"] for _, part in long.groupby("store")))
    assert [told.f, told.p] == pytest.approx([test.statistic, test.pvalue], rel=1e-9)
    assert (told.df1, told.df2) == (14, 75)
    between = long.groupby("store")["y"].mean().var(ddof=1) - long.groupby("store")["y"].var(ddof=1).mean() / 6
    assert told.tau**2 == pytest.approx(between, rel=1e-9)


# --- from answers to the model -----------------------------------------------------------------------------


def test_raw_estimates_are_students_t_of_each_store():
    frame = people("perception", [5, 7, 9, 12, 6, 8], 2)
    for store, row in table(frame, level=0.9).iterrows():
        own = scores(frame)[frame["store"] == store]
        want = stats.ttest_1samp(own, 0).confidence_interval(0.9)
        assert [row["perception"], row["low"], row["high"]] == pytest.approx([own.mean(), *want], rel=1e-9)
        assert (row["n"], row["df"], row["flag"]) == (len(own), len(own) - 1, "")


def test_variances_are_pooled_per_tier_by_degrees_of_freedom():
    frame = people("perception", [5, 7, 4, 12, 6, 8, 5, 9], 3)
    y, parts = scores(frame), frame.groupby("store")
    tier, n = parts["tier"].first(), parts.size()
    of_store = y.groupby(frame["store"])
    squares = (of_store.var(ddof=1) * (n - 1)).groupby(tier).sum() / (n - 1).groupby(tier).sum()
    v = (tier.map(squares) / n).to_numpy()
    mean, variance, toward = by_hand(of_store.mean().to_numpy(), v, tier.to_numpy(), 0.5)
    got = table(frame, within="tier", between=0.5, threshold=4.0)
    assert got["shrunken"].to_numpy() == pytest.approx(mean, rel=1e-10)
    assert got["shrunken_se"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert got["toward"].to_numpy() == pytest.approx(toward, rel=1e-10)
    assert got["reliability"].to_numpy() == pytest.approx(0.25 / (0.25 + v), rel=1e-10)
    normal = stats.norm(mean, np.sqrt(variance))
    assert got["shrunken_low"].to_numpy() == pytest.approx(normal.ppf(0.025), rel=1e-9)
    assert got["shrunken_high"].to_numpy() == pytest.approx(normal.ppf(0.975), rel=1e-9)
    assert got["below"].to_numpy() == pytest.approx(normal.cdf(4.0), rel=1e-9)


def test_weights_within_stores_count():
    """Weighted means, and errors of ``sum w²/(sum w)²`` (Kish) times the pooled weighted variance."""
    frame = people("perception", [6, 8, 7, 9, 10], 5)
    frame["weight"] = np.random.default_rng(6).uniform(0.4, 2.5, len(frame))
    y, a, s2, n = [], [], [], []
    for _, part in frame.groupby("store"):
        w, x = part["weight"].to_numpy(), scores(part).to_numpy()
        mean = np.average(x, weights=w)
        y.append(mean), n.append(len(x)), a.append((w**2).sum() / w.sum() ** 2)
        s2.append(len(x) / (len(x) - 1) * (w**2 * (x - mean) ** 2).sum() / (w**2).sum())
    y, a, s2, n = map(np.array, (y, a, s2, n))
    v = a * (s2 * (n - 1)).sum() / (n - 1).sum()
    mean, variance, _ = by_hand(y, v, np.zeros(5), 0.4)
    got = store_estimates(found(frame, weight="weight"), of="perception", between=0.4).to_frame()
    assert got["perception"].to_numpy() == pytest.approx(y, rel=1e-10)
    assert got["shrunken"].to_numpy() == pytest.approx(mean, rel=1e-9)
    assert got["shrunken_se"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-9)


def paired(sizes, seed):
    frame = people("perception", sizes, seed)
    expected = np.clip(scores(frame) + np.random.default_rng(seed + 1).integers(-1, 3, len(frame)), 1, 7)
    return frame.assign(**dict.fromkeys(ASKED.columns("expectation").values(), expected))


def test_paired_gaps_are_each_persons_difference():
    frame = paired([5, 6, 7, 8, 9], 7)
    gap = scores(frame) - scores(frame, "E")
    of_store = gap.groupby(frame["store"])
    n = of_store.size()
    v = ((of_store.var(ddof=1) * (n - 1)).sum() / (n - 1).sum() / n).to_numpy()
    mean, variance, _ = by_hand(of_store.mean().to_numpy(), v, np.zeros(5), 0.3)
    got = table(frame, of="gap", between=0.3)
    assert got["shrunken"].to_numpy() == pytest.approx(mean, rel=1e-9)
    assert got["shrunken_se"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert (got["gap"] - (got["perception"] - got["expectation"])).abs().max() < 1e-12


def test_two_files_with_the_store_in_both_add_their_variances():
    seen, wanted = people("perception", [5, 6, 7, 8, 9], 8), people("expectation", [9, 8, 7, 6, 5], 9)
    both = read_responses(expectation=found(wanted), perception=found(seen))
    y, v = 0.0, 0.0
    for frame, sign in ((seen, 1), (wanted, -1)):
        of_store = scores(frame, "P" if sign > 0 else "E").groupby(frame["store"])
        n = of_store.size()
        y, v = y + sign * of_store.mean(), v + (of_store.var(ddof=1) * (n - 1)).sum() / (n - 1).sum() / n
    mean, variance, _ = by_hand(y.to_numpy(), v.to_numpy(), np.zeros(5), 0.5)
    got = store_estimates(both, between=0.5).to_frame()
    assert got["shrunken"].to_numpy() == pytest.approx(mean, rel=1e-9)
    assert got["shrunken_se"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-9)


def shared(sizes, seed, asked=30, **options):
    """Perceptions of stores, and expectations of other people who were not met in a store."""
    seen = people("perception", sizes, seed)
    wanted = people("expectation", [asked], seed + 1).drop(columns=["store", "tier"])
    wanted["region"] = np.where(np.arange(asked) % 3 == 0, "north", "south")
    return seen, wanted, read_responses(expectation=Responses(wanted, ASKED), perception=found(seen), **options)


def test_a_common_expectation_moves_levels_and_leaves_ranks_alone():
    seen, wanted, both = shared([5, 9, 6, 8, 7, 5], 10)
    gap = store_estimates(both, within="tier", seed=3).to_frame().set_index("store")
    alone = table(seen, within="tier", seed=3)
    same = ["reliability", "rank", "rank_low", "rank_high", "among_worst"]
    pd.testing.assert_frame_equal(gap[same], alone[same])
    e = scores(wanted, "E")
    assert (alone["shrunken"] - gap["shrunken"]).to_numpy() == pytest.approx(np.full(6, e.mean()), rel=1e-10)
    widened = stats.sem(e) * stats.t(len(e) - 1).ppf(0.975) / stats.norm.ppf(0.975)
    assert gap["shrunken_se"].to_numpy() == pytest.approx(np.hypot(alone["shrunken_se"].to_numpy(), widened), rel=1e-9)
    assert (gap["shrunken_high"] - gap["shrunken_low"] > alone["shrunken_high"] - alone["shrunken_low"]).all()


def test_an_expectation_matched_by_region_counts_in_ranks_between_regions():
    seen, wanted, both = shared([6] * 8, 11, asked=9)
    got = store_estimates(both, match="region", between=0.6).to_frame().set_index("store")
    alone = table(seen, between=0.6)
    for region, stores in seen.groupby("region")["store"].unique().items():
        e = scores(wanted, "E")[wanted["region"] == region]
        assert (alone["shrunken"] - got["shrunken"])[stores].to_numpy() == pytest.approx(
            np.full(len(stores), e.mean()), rel=1e-9
        )
        error = np.sqrt(9 / 8 * ((e - e.mean()) ** 2).sum()) / len(e)  # a domain of nine people drawn together
        widened = error * stats.t(len(e) - 1).ppf(0.975) / stats.norm.ppf(0.975)
        assert got["shrunken_se"][stores].to_numpy() == pytest.approx(
            np.hypot(alone["shrunken_se"][stores].to_numpy(), widened), rel=1e-9
        )
    spread = {name: (frame["rank_high"] - frame["rank_low"]).sum() for name, frame in (("got", got), ("alone", alone))}
    assert spread["got"] > spread["alone"]


def test_raw_gaps_are_those_of_the_gap_table():
    """Including what the interval of a store owes to the shared expectation."""
    _, _, both = shared([5, 9, 6, 8], 12)
    got = store_estimates(both, match="region").to_frame()
    want = score_gaps(both, by="store", match="region").to_frame("total").query("total == 'mean'").reset_index()
    for name in ("expectation", "perception", "gap", "se", "low", "high", "df"):
        assert got[name].to_numpy() == pytest.approx(want[name].to_numpy(), rel=1e-9), name


@pytest.mark.parametrize("measure", ["reliability", ASKED.items[0].id, "sum"])
def test_dimensions_items_and_sums_can_be_estimated(measure):
    frame = people("perception", [5, 6, 7, 8, 9], 13)
    got, mean = table(frame, measure=measure), table(frame)
    factor = len(ASKED.items) if measure == "sum" else 1  # everyone answers all items alike
    assert got["shrunken"].to_numpy() == pytest.approx(factor * mean["shrunken"].to_numpy(), rel=1e-6)


# --- identities --------------------------------------------------------------------------------------------

STORES = st.integers(4, 25).flatmap(
    lambda k: st.tuples(
        st.lists(st.floats(-3, 3), min_size=k, max_size=k),
        st.lists(st.floats(0.01, 2), min_size=k, max_size=k),
        st.lists(st.integers(0, 1), min_size=k, max_size=k),
    )
)


@settings(max_examples=40, deadline=None)
@given(STORES, st.floats(0, 3))
def test_a_shrunken_mean_lies_between_raw_and_tier(data, tau):
    y, v, group = np.array(data[0]), np.array(data[1]), np.unique(data[2], return_inverse=True)[1]
    model = posterior(y, v, group, between=tau)
    low, high = np.minimum(y, model.toward), np.maximum(y, model.toward)
    assert (model.mean >= low - 1e-9).all()
    assert (model.mean <= high + 1e-9).all()
    assert model.mean == pytest.approx(model.reliability * y + (1 - model.reliability) * model.toward, abs=1e-9)
    assert (model.sd() ** 2 <= v + 1e-9).all()  # pulling never makes a mean less certain than its own answers do


@settings(max_examples=25, deadline=None)
@given(STORES)
def test_no_differences_give_the_tier_and_endless_ones_the_raw_mean(data):
    y, v, group = np.array(data[0]), np.array(data[1]), np.unique(data[2], return_inverse=True)[1]
    none, endless = posterior(y, v, group, between=0.0), posterior(y, v, group, between=1e7)
    for number in np.unique(group):
        inside = group == number
        assert none.mean[inside] == pytest.approx(np.average(y[inside], weights=1 / v[inside]), abs=1e-9)
    assert endless.mean == pytest.approx(y, abs=1e-6)
    assert endless.sd() == pytest.approx(np.sqrt(v), rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(STORES, st.floats(0.1, 10), st.floats(-5, 5))
def test_units_do_not_matter(data, scale, shift):
    y, v, group = np.array(data[0]), np.array(data[1]), np.unique(data[2], return_inverse=True)[1]
    tau2 = between_variance(y, v, group)
    assert tau2 >= 0
    assert between_variance(shift + scale * y, scale**2 * v, group) == pytest.approx(
        scale**2 * tau2, rel=1e-6, abs=1e-9
    )
    if len(y) - group.max() - 1 >= 3:
        plain, other = posterior(y, v, group), posterior(shift + scale * y, scale**2 * v, group)
        assert other.mean == pytest.approx(shift + scale * plain.mean, rel=1e-6, abs=1e-7)


def test_the_slope_is_zero_where_the_likelihood_peaks():
    """No value of tau² on a fine grid is likelier than the estimate, by scipy's multivariate normal of contrasts."""
    y, v, group = milk()
    x = (group[:, None] == np.arange(4)).astype(float)
    basis = np.linalg.svd(x, full_matrices=True)[0][:, 4:]
    assert np.abs(basis.T @ x).max() < 1e-12

    def height(tau2):
        return stats.multivariate_normal(np.zeros(39), basis.T @ np.diag(tau2 + v) @ basis).logpdf(basis.T @ y)

    best = height(between_variance(y, v, group))
    assert all(height(tau2) <= best + 1e-12 for tau2 in np.linspace(0, 0.1, 101))


def test_ranks_of_all_stores_add_up():
    frame = people("perception", [5, 7, 4, 12, 6, 8, 5, 9, 3], 14)
    got = table(frame, within="tier", worst=3)
    k = len(got)
    assert got["rank"].sum() == pytest.approx(k * (k + 1) / 2, rel=1e-12)
    assert got["among_worst"].sum() == pytest.approx(3, rel=1e-12)
    assert (got["rank_low"] <= got["rank"]).all()
    assert (got["rank"] <= got["rank_high"]).all()
    assert got["rank_low"].min() >= 1
    assert got["rank_high"].max() <= k


def test_ranks_agree_with_pairwise_probabilities():
    """Expected rank = 1 + sum of the probabilities that another store is better (Laird and Louis 1989)."""
    y, v = np.array([0.3, -0.2, 0.9, 0.1, -0.8]), np.array([0.2, 0.4, 0.1, 0.3, 0.2])
    model = posterior(y, v, np.zeros(5, dtype=int), between=0.5)
    pull = model.pull[0]
    covariance = np.diag(v * (1 - pull)) + np.outer(pull, pull) * model.errors[0, 0]
    want = [1 + sum(stats.norm.cdf((model.mean[j] - model.mean[i])
                                   / np.sqrt(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]))
                    for j in range(5) if j != i) for i in range(5)]  # fmt: skip
    ranks = rank_draws(model.draws(200_000, np.random.default_rng(2)))
    assert ranks.mean(axis=0) == pytest.approx(want, abs=0.015)  # simulation error: 4 SD


def test_the_order_of_rows_changes_nothing():
    frame = people("perception", [5, 7, 4, 12, 6, 8], 15)
    mixed = frame.sample(frac=1, random_state=1)
    plain, other = table(frame, within="tier"), table(mixed, within="tier").loc[lambda t: sorted(t.index)]
    pd.testing.assert_frame_equal(plain, other, rtol=1e-9)
    swapped = frame.sort_values("tier", ascending=False, kind="stable")  # the tiers appear in the other order
    other = table(swapped, within="tier").loc[plain.index]
    exact = ["rank", "rank_low", "rank_high", "among_worst"]
    assert plain[exact].equals(other[exact])
    again = table(frame, within="tier", seed=1)
    assert not again["rank"].equals(plain["rank"])
    assert again["shrunken"].equals(plain["shrunken"])


def test_the_order_of_rows_changes_nothing_where_expectations_differ_by_region():
    seen, wanted, both = shared([6] * 8, 11, asked=9)
    turned = read_responses(expectation=Responses(wanted, ASKED), perception=found(seen.iloc[::-1]))
    plain, other = (
        store_estimates(each, match="region", within="tier").to_frame().set_index("store") for each in (both, turned)
    )
    exact = ["rank", "rank_low", "rank_high", "among_worst"]
    assert plain[exact].equals(other.loc[plain.index, exact])


def test_stores_named_by_the_number_and_by_the_text_keep_their_places():
    frame = people("perception", [5, 7, 6, 6, 8], 31)
    frame["store"] = frame["store"].map({"S00": 1, "S01": "1", "S02": 2, "S03": "2", "S04": 3}).astype(object)
    plain, other = (store_estimates(Responses(each, ASKED), of="perception").to_frame().set_index("store")
                    for each in (frame, frame.iloc[::-1]))  # fmt: skip
    assert plain["rank"].to_dict() == other["rank"].to_dict()


def test_the_data_are_left_alone():
    frame = people("perception", [5, 7, 4, 6], 16)
    before = frame.copy()
    table(frame, within="tier")
    pd.testing.assert_frame_equal(frame, before)


# --- few stores, few answers -------------------------------------------------------------------------------


def test_under_the_floor_a_store_is_flagged_and_still_shown():
    frame = people("perception", [5, 4, 6, 1, 8, 7], 17)
    result = store_estimates(found(frame), of="perception")
    got = result.to_frame().set_index("store")
    assert got["flag"].tolist() == ["", "floor", "", "floor", "", ""]
    assert (got.loc["S03", "reason"], np.isnan(got.loc["S03", "low"])) == ("one answer", True)
    assert np.isfinite(got.loc["S03", ["shrunken", "shrunken_low", "rank_low"]].astype(float)).all()
    assert got["reliability"].idxmin() == "S03"
    assert "2 of 6 stores with n under the floor of 5 interviews" in result.note()
    assert "6 家中有 2 家样本量不足下限 5 份" in result.in_language("zh").note()
    assert (table(frame, minimum=1)["flag"] == "").all()


def test_too_few_stores_keep_their_raw_estimates_and_say_why():
    frame = people("perception", [6, 7, 8], 18)
    result = store_estimates(found(frame), of="perception")
    got = result.to_frame()
    assert (got["shrunken_reason"] == "few stores").all()
    assert got["shrunken"].isna().all()
    assert np.isfinite(got[["perception", "low", "high"]]).all(axis=None)
    assert "too few stores" in result.sentence()
    assert "not pulled (too few stores" in result.sentence("S01")
    assert "门店过少" in result.in_language("zh").sentence("S01")
    assert np.isfinite(table(frame, between=0.4)[["shrunken", "rank"]]).all(axis=None)


def test_answers_that_do_not_vary_within_stores_are_not_pulled():
    frame = people("perception", [5] * 6, 19)
    for column in ASKED.columns("perception").values():
        frame[column] = 3.0 + (frame["store"] > "S02")
    got = table(frame)
    assert (got["shrunken_reason"] == "no spread").all()
    assert got["rank"].isna().all()


def test_stores_that_differ_no_more_than_chance_are_called_a_lottery():
    """Every store holds the same five answers: between-store variance 0, everything lies at the common mean."""
    frame = people("perception", [5] * 8, 20)
    for column in ASKED.columns("perception").values():
        frame[column] = np.tile([2.0, 3, 4, 5, 6], 8)
    result = store_estimates(found(frame), of="perception")
    assert (result.differences.tau, result.differences.low, result.differences.p) == (0.0, 0.0, 1.0)
    assert result.to_frame()["shrunken"].tolist() == pytest.approx([4.0] * 8)
    assert result.to_frame()["rank"].tolist() == pytest.approx([4.5] * 8, abs=0.2)
    assert "ranks are close to a lottery" in result.sentence()
    assert "名次近于抽签" in result.in_language("zh").note()


def test_a_tier_with_one_store_is_its_own_mean():
    frame = people("perception", [6, 7, 8, 6, 7, 5], 21)
    frame["tier"] = np.where(frame["store"] == "S00", "flagship", "core")
    result = store_estimates(found(frame), of="perception", within="tier")
    row = result.to_frame().set_index("store").loc["S00"]
    assert row["shrunken"] == pytest.approx(row["perception"], rel=1e-10)
    assert "groups with a single store (1) are their own mean" in result.note()


def test_rows_without_a_store_are_left_out_and_counted():
    frame = people("perception", [5, 6, 7, 8], 22)
    lost = frame.assign(store=frame["store"].where(frame.index % 10 != 0))
    responses = Responses(lost, ASKED)
    result = store_estimates(responses, of="perception")
    assert len(result.to_frame()) == 4
    assert f"{lost['store'].isna().sum()} rows name no store" in result.note()
    assert result.to_frame()["n"].sum() == lost["store"].notna().sum()


def test_a_store_where_nobody_answered_stays_with_its_reason():
    frame = people("perception", [5, 6, 7, 8, 5], 23)
    frame.loc[frame["store"] == "S02", next(iter(ASKED.columns("perception").values()))] = np.nan
    result = store_estimates(found(frame), of="perception")
    row = result.to_frame().set_index("store").loc["S02"]
    assert (row["n"], row["reason"], row["shrunken_reason"]) == (0, "nobody", "nobody")
    assert result.to_frame()["rank"].count() == 4
    assert result.sentence("S02") == "Store S02: no estimate can be given (nobody answered)."
    assert result.in_language("zh").sentence("S02") == "store S02：无法计算（无人作答）。"


def test_one_person_asked_what_is_expected_leaves_levels_without_interval():
    seen, wanted, _ = shared([5, 6, 7, 8], 24)
    both = read_responses(expectation=Responses(wanted.head(1), ASKED), perception=found(seen))
    got = store_estimates(both).to_frame()
    assert got["shrunken_low"].isna().all()
    assert (got["shrunken_reason"] == "no error of E").all()
    assert np.isfinite(got[["shrunken", "rank"]]).all(axis=None)


# --- words -------------------------------------------------------------------------------------------------


def named(frame):
    variables = {
        "store": Variable({"en": "store", "zh": "门店"}),
        "tier": Variable({"en": "tier", "zh": "层级"}, {"city": {"en": "city", "zh": "城区"}, "town": {"en": "town", "zh": "乡镇"}}),
    }  # fmt: skip
    design = SampleDesign(clusters="store", selection="probability")
    return Responses(frame, ASKED, design, variables=variables)


def test_a_store_in_words():
    result = store_estimates(
        named(people("perception", [5, 7, 4, 12, 6, 8], 3)), of="perception", within="tier", expected=None
    )
    row = result.to_frame().set_index("store").loc["S02"]
    low, high = int(row["rank_low"]), int(row["rank_high"])
    numbers = [
        f"{row[name]:.2f}"
        for name in ("perception", "low", "high", "shrunken", "shrunken_low", "shrunken_high", "toward")
    ]
    said = result.sentence("S02")
    assert said.startswith(
        f"Store S02: perception {numbers[0]} (95% CI {numbers[1]} to {numbers[2]}, n = 4, n under 5); "
    )
    assert (
        f"pulled to {numbers[3]} (95% interval {numbers[4]} to {numbers[5]}) towards {numbers[6]}, the mean of city"
        in said
    )
    assert said.endswith(" of 6.")
    assert f"between {low}" in said
    assert result.in_language("zh").sentence("S02") == (
        f"门店 S02：感知 {numbers[0]}（95% 置信区间 {numbers[1]} 至 {numbers[2]}，n = 4，样本量不足 5）；"
        f"向城区均值 {numbers[6]} 收缩后为 {numbers[3]}（95% 区间 {numbers[4]} 至 {numbers[5]}）；在 6 家中位列第 {low} 至第 {high} 名。"
    )
    assert high >= low


def test_both_languages_show_the_same_table():
    result = store_estimates(
        named(people("perception", [5, 7, 4, 12, 6, 8], 3)), of="perception", within="tier", threshold=4
    )
    english, chinese = result.to_string(), result.in_language("zh").to_string()
    assert result.title() == "Estimates by store: perception, Overall (mean)"
    assert result.in_language("zh").title() == "各门店的估计：感知，总体（均值）"
    for word in (
        "reliability",
        "shrunken",
        "group mean",
        "rank from",
        "P(under 4)",
        "P(among worst 1)",
        "pooled per tier",
    ):
        assert word in english
        assert word not in chinese
    for word in ("信度", "收缩值", "组均值", "名次自", "低于 4 的概率", "居末 1 名的概率", "按层级合并", "城区"):
        assert word in chinese
        assert word not in english
    pd.testing.assert_frame_equal(result.to_frame(), result.in_language("zh").to_frame())


def test_one_estimate_carries_its_base_and_error():
    result = store_estimates(found(people("perception", [5, 7, 4, 12], 3)), of="perception")
    raw, pulled = result.estimate("S00"), result.shrunken("S00")
    assert (raw.n, pulled.n, raw.df) == (5, 5, 4)
    assert raw.low < raw.value < raw.high
    assert pulled.low < pulled.value < pulled.high
    assert "No margin of error" in result.note()


# --- bad input ---------------------------------------------------------------------------------------------


def test_a_store_in_two_tiers_is_refused_with_its_cases():
    frame = people("perception", [5, 6, 7, 8], 25)
    frame.loc[0, "tier"] = "town"
    with pytest.raises(DataError, match=r"1 of 'store' have more than one 'tier' \(S00\)") as caught:
        table(frame, within="tier")
    assert sorted(caught.value.cases["tier"]) == ["city", "town"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": "gaps"}, "of='gaps' is not known"),
        ({"measure": "speed"}, "measure='speed' is not known"),
        ({"minimum": 0}, "minimum=0 must be a whole number of 1 or more"),
        ({"draws": 10}, "draws=10 must be a whole number of 100 or more"),
        ({"worst": 0.5}, "worst=0.5 must be a whole number"),
        ({"between": -1.0}, "between=-1.0 is a standard deviation"),
        ({"between": float("inf")}, "between=inf is a standard deviation"),
        ({"level": 95}, "level=95 must lie between 0 and 1"),
        ({"within": "store"}, "within='store' is the store's own column"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        table(people("perception", [5, 6, 7, 8], 26), **options)


def test_columns_that_are_not_there_are_named():
    responses = found(people("perception", [5, 6, 7, 8], 27))
    with pytest.raises(DataError, match="no column 'teir'"):
        store_estimates(responses, of="perception", within="teir")
    with pytest.raises(DataError, match="no column 'shop'"):
        store_estimates(responses, of="perception", by="shop")
    with pytest.raises(SpecError, match="within='rank': the table has a column of that name"):
        store_estimates(
            Responses(responses.frame.rename(columns={"tier": "rank"}), ASKED), of="perception", within="rank"
        )


def test_more_among_the_worst_than_there_are_stores_are_refused():
    frame = people("perception", [5, 6, 7, 8], 26)
    with pytest.raises(SpecError, match="worst=5, but there are 4 of 'store': give 4 or fewer"):
        table(frame, worst=5)
    assert table(frame, worst=4)["among_worst"].tolist() == [1.0] * 4


def test_gaps_need_expectations():
    with pytest.raises(SpecError, match="no expectation answers"):
        store_estimates(found(people("perception", [5, 6, 7, 8], 28)))
    with pytest.raises(SpecError, match="no perception answers"):
        store_estimates(found(people("expectation", [5, 6, 7, 8], 28)), of="perception")
    fixed = store_estimates(found(people("perception", [5, 6, 7, 8], 28)), expected=6).to_frame()
    assert (fixed["expectation"] == 6).all()
    with pytest.raises(SpecError, match="there is no store 'S99'"):
        store_estimates(found(people("perception", [5, 6, 7, 8], 28)), expected=6).sentence("S99")


def test_a_store_column_in_the_expectation_file_alone_is_not_enough():
    seen, wanted = people("perception", [5, 6, 7, 8], 29), people("expectation", [5, 6, 7, 8], 30)
    both = read_responses(expectation=found(wanted), perception=Responses(seen.drop(columns="store"), ASKED))
    with pytest.raises(DataError, match="no column 'store'"):
        store_estimates(both)


def test_with_five_stores_chances_are_too_sure_and_the_note_says_so():
    from servqual.stores import model_remarks

    g, said, held = np.random.default_rng(1), [], []
    for _ in range(500):
        truth = 70 + 6 * g.standard_normal(5)
        seen = truth[:, None] + 8 * g.standard_normal((5, 2))
        variance = seen.var(axis=1, ddof=1).mean() / 2
        model = posterior(seen.mean(axis=1), np.full(5, variance), np.zeros(5, dtype=int))
        said += (1 - model.below(np.full(5, 75.0))).tolist()
        held += (truth >= 75).tolist()
    sure = np.array(said) >= 0.95
    assert sure.sum() > 60
    assert 0.65 < np.mean(np.array(held)[sure]) < 0.9
    few = model_remarks(model, None)
    assert any("with 5 stores little is known of how stores differ" in each["en"] for each in few)
    assert any("仅 5 家门店" in each["zh"] for each in few)
    many = posterior(g.normal(70, 6, 12), np.full(12, 16.0), np.zeros(12, dtype=int))
    assert not any("little is known" in each["en"] for each in model_remarks(many, None))
