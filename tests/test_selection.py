"""Draws, held against all possible samples, textbook variances and the design the analysis reads.

Outside authorities: lists of all samples that a start can give (probabilities by definition, no randomness); Cochran (1977)
for variances of stratified and two-stage samples, written out by hand; exact binomial bounds for what chance may do.
``benchmarks/draws.py`` makes 20,000 draws of each kind; its table is read and its first draws are repeated here.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.draws import FIRST, cases
from servqual import Total, estimate, load_instrument, score_performance
from servqual.responses import Responses
from survey_design import DataError, SampleDesign, SpecError
from survey_design.results import Result, Variable
from survey_design.sampling.selection import (
    METHOD_WORDS,
    cube,
    draw,
    inclusion_probabilities,
    joint_inclusion_srs,
    joint_inclusion_systematic,
    simple_random,
    stream,
    systematic,
    systematic_pps,
)

SIZES = st.lists(st.integers(1, 500), min_size=2, max_size=25)
TIER = SampleDesign(strata="tier")
EACH = {"flagship": 2, "ordinary": 3}


@pytest.fixture
def stores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "store": [f"S{k:02d}" for k in range(1, 13)],
            "tier": ["flagship"] * 5 + ["ordinary"] * 7,
            "traffic": [900, 300, 200, 100, 80, 60, 50, 40, 30, 20, 10, 10],
            "y": [31.0, 14.0, 9.0, 6.5, 3.0, 2.0, 2.5, 1.0, 1.5, 1.0, 0.5, 0.25],
        }
    )


@pytest.fixture
def customers() -> pd.DataFrame:
    n = [4, 6, 3, 8, 5, 9]
    frame = pd.DataFrame(
        {"store": np.repeat([f"S{k}" for k in range(6)], n), "region": np.repeat(["n", "s"], [13, 22])}
    )
    return frame.assign(customer=range(35), y=np.random.default_rng(3).normal(5, 1, 35).round(2))


# --- array functions -----------------------------------------------------------------------------------------


@given(N=st.integers(1, 60), n=st.integers(1, 60))
def test_systematic_meets_every_unit_equally_often_over_all_starts(N: int, n: int) -> None:
    n = min(n, N)
    samples = [systematic(N, n, start) for start in range(N)]
    assert all(len(set(sample)) == n for sample in samples)
    assert np.bincount(np.concatenate(samples), minlength=N).tolist() == [n] * N


def starts(pi: list[Fraction]) -> list[tuple[Fraction, Fraction]]:
    """Pieces of [0, 1) within which the sample stays the same, by definition of the running sums, in exact fractions."""
    ends, total = [Fraction(0), Fraction(1)], Fraction(0)
    for value in pi:
        total += value
        ends.append(total - int(total))
    cuts = sorted(set(ends))
    return list(pairwise(cuts))


def exact(sizes: list[int], n: int) -> list[Fraction]:
    """Probabilities by definition: certain units one after another, in fractions."""
    certain: set[int] = set()
    while True:
        left, total = n - len(certain), sum(x for k, x in enumerate(sizes) if k not in certain)
        more = {k for k, x in enumerate(sizes) if k not in certain and left * x >= total}
        if not more:
            return [Fraction(1) if k in certain else Fraction(left * x, total) for k, x in enumerate(sizes)]
        certain |= more


@given(sizes=SIZES, n=st.integers(1, 25))
def test_probabilities_are_proportional_to_size_with_certain_units(sizes: list[int], n: int) -> None:
    n = min(n, len(sizes))
    pi = inclusion_probabilities(sizes, n)
    assert pi == pytest.approx([float(value) for value in exact(sizes, n)], rel=1e-12)
    assert pi.sum() == pytest.approx(n, abs=1e-9)


@given(sizes=SIZES, n=st.integers(1, 25))
def test_systematic_by_size_keeps_its_probabilities_over_all_starts(sizes: list[int], n: int) -> None:
    n = min(n, len(sizes))
    fractions = exact(sizes, n)
    pi, met = inclusion_probabilities(sizes, n), [Fraction(0)] * len(sizes)
    joint = np.zeros((len(sizes), len(sizes)))
    for low, high in starts([value for value in fractions if value < 1]):
        sample = systematic_pps(pi, float((low + high) / 2))
        assert len(set(sample)) == n
        joint[np.ix_(sample, sample)] += float(high - low)
        for k in sample:
            met[k] += high - low
    assert met == fractions
    order = np.argsort(pi == 1, kind="stable")  # certain units last: in the line they would shift nothing
    assert joint_inclusion_systematic(pi[order]) == pytest.approx(joint[np.ix_(order, order)], abs=1e-12)


def test_a_sample_by_size_has_exactly_n_units_also_in_a_long_list() -> None:
    generator = np.random.default_rng(2)
    pi = inclusion_probabilities(generator.lognormal(0, 2, 300_000), 20_000)
    for u in (0.0, 0.37, 1 - 2.0**-53):
        sample = systematic_pps(pi, u)
        assert len(np.unique(sample)) == 20_000
        assert np.isin(np.flatnonzero(pi == 1), sample).all()
    taken = np.zeros(len(pi))
    taken[systematic_pps(pi, 0.5)] = 1
    open_ = pi < 1  # the count up to any place differs from the sum of the probabilities by less than one
    assert np.abs(np.cumsum(taken[open_] - pi[open_])).max() <= 1 + 1e-6


def test_probabilities_of_pairs_at_random_are_counts_of_samples() -> None:
    pairs = np.zeros((6, 6))
    samples = list(combinations(range(6), 3))
    for sample in samples:
        pairs[np.ix_(sample, sample)] += 1 / len(samples)
    assert joint_inclusion_srs(6, 3) == pytest.approx(pairs, abs=1e-12)


@given(sizes=SIZES, n=st.integers(1, 25))
def test_pairs_add_up(sizes: list[int], n: int) -> None:
    """Σ_l π_kl = n π_k in every fixed-size design."""
    n = min(n, len(sizes))
    pi = inclusion_probabilities(sizes, n)
    assert joint_inclusion_systematic(pi).sum(axis=0) == pytest.approx(n * pi, abs=1e-9)
    N = len(sizes)
    assert joint_inclusion_srs(N, n).sum(axis=0) == pytest.approx(np.full(N, n * n / N), abs=1e-9)


def bounds(pi: np.ndarray, draws: int, risk: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
    """Counts that chance allows, for all units at once (Bonferroni)."""
    tail = risk / (2 * len(pi))
    return stats.binom.ppf(tail, draws, pi), stats.binom.isf(tail, draws, pi)


def test_all_pairs_come_equally_often_at_random() -> None:
    generator, draws = np.random.default_rng(1), 2_000
    pairs = np.zeros((6, 6))
    for _ in range(draws):
        sample = simple_random(6, 3, generator)
        pairs[np.ix_(sample, sample)] += 1
    above = np.triu_indices(6, 1)
    low, high = bounds(np.full(15, 0.2), draws)
    assert ((low <= pairs[above]) & (pairs[above] <= high)).all()
    low, high = bounds(np.full(6, 0.5), draws)
    assert ((low <= np.diagonal(pairs)) & (np.diagonal(pairs) <= high)).all()


def test_the_cube_keeps_unequal_probabilities() -> None:
    generator, draws = np.random.default_rng(8), 1_500
    pi = inclusion_probabilities(generator.lognormal(0, 1, 20), 7)
    auxiliary = generator.normal(size=(20, 2))
    met = np.zeros(20)
    for _ in range(draws):
        sample = cube(pi, auxiliary, generator)
        assert len(sample) == 7
        met[sample] += 1
    low, high = bounds(pi, draws)
    assert ((low <= met) & (met <= high)).all()


def test_the_cube_balances_exactly_where_whole_units_can() -> None:
    """Indicators of groups with whole expected numbers: balancing on them is stratification."""
    group = np.repeat([0, 1, 2], [10, 6, 8])
    indicators = np.equal.outer(group, [0, 1, 2]).astype(float)
    pi = np.full(24, 0.5)
    for seed in range(50):
        sample = cube(pi, indicators, np.random.default_rng(seed))
        assert np.bincount(group[sample]).tolist() == [5, 3, 4]


def test_the_cube_misses_known_totals_less_than_random_draws() -> None:
    generator = np.random.default_rng(9)
    x = generator.normal(10, 3, (80, 3))
    pi = np.full(80, 0.25)
    totals = np.array([(x[cube(pi, x, generator)] / 0.25).sum(axis=0) for _ in range(60)])
    random = 80**2 * (1 - 0.25) * x.var(axis=0, ddof=1) / 20  # Cochran (1977), theorem 2.2
    assert (((totals - x.sum(axis=0)) ** 2).mean(axis=0) < 0.1 * random).all()


@given(pi=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12), seed=st.integers(0, 9))
def test_the_cube_takes_the_floor_or_the_ceiling_of_a_size_that_is_not_whole(pi: list[float], seed: int) -> None:
    n = len(cube(pi, np.ones((len(pi), 1)), np.random.default_rng(seed)))
    assert np.floor(sum(pi) - 1e-6) <= n <= np.ceil(sum(pi) + 1e-6)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: inclusion_probabilities([1, 0, 2], 1), "places 1, counted from 0"),
        (lambda: inclusion_probabilities([1, 2], 3), "n=3 cannot be drawn from 2 units"),
        (lambda: systematic(5, 2, 5), "between 0 and 4"),
        (lambda: systematic_pps([0.5, 0.4], 0.1), "sum to 0.9"),
        (lambda: systematic_pps([1.5, 0.5], 0.1), "must lie between 0 and 1"),
        (lambda: systematic_pps([0.5, 0.5], 1.0), "1 excluded"),
        (lambda: cube([1.5], [[1]], np.random.default_rng(0)), "above 1"),
        (lambda: simple_random(3, 0, np.random.default_rng(0)), "Choose 1 to 3"),
        (lambda: inclusion_probabilities([[1, 2]], 1), "one per unit"),
    ],
)
def test_array_functions_refuse_what_cannot_be_drawn(work, words: str) -> None:
    with pytest.raises(SpecError, match=re.escape(words)):
        work()


# --- the draw, by definition -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "systematic"},
        {"method": "systematic", "order": "traffic"},
        {"method": "systematic", "shuffle": True},
        {"method": "balanced", "auxiliary": "traffic"},
    ],
    ids=["srs", "systematic", "sorted", "shuffled", "balanced"],
)
def test_equal_probabilities_per_stratum(stores: pd.DataFrame, options: dict) -> None:
    sample = draw(stores, TIER, EACH, seed=4, **options)
    frame = sample.to_frame()
    assert frame.groupby("tier").size().to_dict() == EACH
    share = frame["tier"].map({"flagship": 2 / 5, "ordinary": 3 / 7})
    assert frame["inclusion_probability"].to_numpy() == pytest.approx(share.to_numpy(), rel=1e-15)
    assert frame.groupby("tier")["weight"].sum().to_dict() == pytest.approx({"flagship": 5, "ordinary": 7})
    assert sample.design == SampleDesign("tier", None, "weight", "units_in_stratum", "probability")
    pd.testing.assert_frame_equal(frame[stores.columns], stores.loc[frame.index])


def test_probabilities_by_size_come_from_the_definition(stores: pd.DataFrame) -> None:
    for options in ({"method": "pps"}, {"method": "pps", "shuffle": True}, {"method": "balanced", "auxiliary": "y"}):
        frame = draw(stores, TIER, EACH, size="traffic", seed=2, **options).to_frame()
        wanted = [exact([900, 300, 200, 100, 80], 2), exact([60, 50, 40, 30, 20, 10, 10], 3)]
        by_hand = pd.Series([float(value) for part in wanted for value in part])
        assert frame["inclusion_probability"].to_numpy() == pytest.approx(by_hand[frame.index].to_numpy(), rel=1e-12)
        assert "S01" in set(frame["store"])


def test_two_stages_multiply_and_can_weigh_all_the_same(customers: pd.DataFrame) -> None:
    design = SampleDesign(strata="region", clusters="store")
    frame = draw(customers, design, ({"n": 1, "s": 2}, 3), method="pps", unit="customer", seed=1).to_frame()
    wanted = frame["region"].map({"n": 13 / 3, "s": 22 / 6})  # self-weighting: n M/X · m/M = n m/X
    assert frame["weight"].to_numpy() == pytest.approx(wanted.to_numpy(), rel=1e-12)
    frame = draw(customers, design, ({"n": 2, "s": 2}, {"n": 2, "s": 4}), within="systematic", seed=1).to_frame()
    M = frame["store"].map(customers["store"].value_counts())
    m = frame["region"].map({"n": 2, "s": 4})
    assert frame["inclusion_probability"].to_numpy() == pytest.approx((2 / 3 * m / M).to_numpy(), rel=1e-12)
    assert (frame["units_in_cluster"] == M).all()
    assert (frame["clusters_in_stratum"] == 3).all()


def test_whole_clusters_come_with_all_their_rows(customers: pd.DataFrame) -> None:
    design = SampleDesign(clusters="store", whole_clusters=True)
    sample = draw(customers, design, 2, seed=1)
    frame = sample.to_frame()
    assert frame["store"].nunique() == 2
    assert frame.groupby("store").size().to_dict() == customers[customers["store"].isin(frame["store"])].groupby(
        "store"
    ).size().to_dict()  # fmt: skip
    assert (frame["weight"] == 3).all()
    assert sample.design == SampleDesign(None, "store", "weight", "clusters_in_stratum", "probability", True)


def test_two_cluster_stages(customers: pd.DataFrame) -> None:
    """Regions, then stores in them, from a list of stores."""
    frame = pd.DataFrame({"city": np.repeat(["A", "B", "C"], [3, 4, 5]), "store": range(12)})
    sample = draw(frame, SampleDesign(clusters=("city", "store")), (2, 3), seed=5)
    assert sample.to_frame().groupby("city").size().tolist() == [3, 3]
    assert sample.design.population == ("clusters_in_stratum", "units_in_cluster")
    assert sample.design.stages == ("city", "store")


def test_a_store_of_two_strata_is_two_stores() -> None:
    frame = pd.DataFrame({"city": ["A"] * 4 + ["B"] * 4, "shop": [1, 1, 2, 2] * 2})
    sample = draw(frame, SampleDesign(strata="city", clusters="shop"), ({"A": 1, "B": 2}, 1), seed=1)
    assert (sample.to_frame()["clusters_in_stratum"] == 2).all()
    assert sample.strata["population"].tolist() == [2, 2]


def test_strata_may_be_numbers_and_allocations_tables(stores: pd.DataFrame) -> None:
    numbered = stores.assign(tier=stores["tier"].map({"flagship": 1.0, "ordinary": 2.0}))

    class Allocation(Result):
        pass

    wanted = draw(numbered, TIER, {"1": 2, "2": 3}, seed=1).to_frame()
    table = pd.DataFrame({"stratum": [2, 1], "n": [3, 2]})
    for n in ({1: 2, 2: 3}, pd.Series({1: 2, 2: 3}), table, Allocation(table)):
        pd.testing.assert_frame_equal(draw(numbered, TIER, n, seed=1).to_frame(), wanted)


def test_sorting_spreads_the_sample_over_what_is_sorted_by(stores: pd.DataFrame) -> None:
    """Every third of 12 sorted units: one of the largest three, one of the next three, and so on."""
    for seed in range(10):
        frame = draw(
            stores.sample(frac=1, random_state=seed), SampleDesign(), 4, method="systematic", order="y", seed=seed
        )
        ranks = stores["y"].rank(method="first").loc[frame.to_frame().index].sort_values()
        assert np.ceil(ranks / 3).tolist() == [1, 2, 3, 4]


def test_pairs_on_request(stores: pd.DataFrame) -> None:
    sample = draw(stores, TIER, EACH, method="pps", size="traffic", order="y", joint=True, seed=3)
    frame = sample.to_frame()
    pi, inside = frame["inclusion_probability"].to_numpy(), (frame["tier"] == "flagship").to_numpy()
    assert np.diagonal(sample.joint) == pytest.approx(pi)
    assert sample.joint[np.ix_(inside, ~inside)] == pytest.approx(np.outer(pi[inside], pi[~inside]))
    assert (sample.joint > 0).all()  # a pair that was drawn can be drawn
    sample = draw(stores, TIER, EACH, joint=True, seed=3)
    frame = sample.to_frame()
    same = np.equal.outer(frame["tier"].to_numpy(), frame["tier"].to_numpy()) & ~np.eye(5, dtype=bool)
    within = np.where(frame["tier"] == "flagship", 2 / 20, 6 / 42)
    assert sample.joint[same] == pytest.approx(np.tile(within[:, None], 5)[same])


# --- seeds -----------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_and_other_seeds_differ(stores: pd.DataFrame) -> None:
    texts = [
        draw(stores, TIER, EACH, method="pps", size="traffic", seed=seed).to_csv() for seed in (1, 1, *range(2, 9))
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 3


def test_other_strata_do_not_change_a_draw(stores: pd.DataFrame) -> None:
    more = pd.concat([stores.assign(tier="county", store=stores["store"] + "c"), stores], ignore_index=True)
    for options in ({}, {"method": "systematic"}, {"method": "pps", "size": "traffic"},
                    {"method": "balanced", "auxiliary": "y"}):  # fmt: skip
        alone = set(draw(stores, TIER, EACH, seed=6, **options).to_frame()["store"])
        beside = draw(more, TIER, {"county": 4, **EACH}, seed=6, **options).to_frame()
        assert set(beside.loc[beside["tier"] != "county", "store"]) == alone


def test_a_sorting_without_ties_makes_row_order_irrelevant(stores: pd.DataFrame, customers: pd.DataFrame) -> None:
    shuffled = stores.sample(frac=1, random_state=1)
    for options in ({}, {"method": "systematic"}, {"method": "pps", "size": "traffic"},
                    {"method": "balanced", "auxiliary": "y"}):  # fmt: skip
        first = draw(stores, TIER, EACH, order="store", seed=6, **options).to_frame()
        again = draw(shuffled, TIER, EACH, order="store", seed=6, **options).to_frame()
        assert set(first["store"]) == set(again["store"])
    two = SampleDesign(strata="region", clusters="store")
    drawn = [set(draw(frame, two, ({"n": 2, "s": 2}, 3), order=["store", "customer"], seed=2).to_frame()["customer"])
             for frame in (customers, customers.sample(frac=1, random_state=2))]  # fmt: skip
    assert drawn[0] == drawn[1]


def test_streams_do_not_depend_on_the_process() -> None:
    assert stream(1, "first stage", "甲").integers(1000, size=3).tolist() == stream(1, "first stage", "甲").integers(
        1000, size=3
    ).tolist()  # fmt: skip
    assert stream(1, "a").random() != stream(1, "b").random() != stream(2, "b").random()


def test_the_list_is_left_alone(stores: pd.DataFrame) -> None:
    before = stores.copy()
    draw(stores, TIER, EACH, method="balanced", auxiliary="y", size="traffic", seed=1)
    pd.testing.assert_frame_equal(stores, before)


# --- the design goes on to the analysis --------------------------------------------------------------------------


def total_and_se(sample) -> tuple[float, float]:
    line = estimate(sample.to_frame(), Total("y"), sample.design).to_frame().iloc[0]
    return float(line["estimate"]), float(line["se"])


def test_the_error_of_a_stratified_total_is_the_textbooks(stores: pd.DataFrame) -> None:
    """Cochran (1977), section 5.9: Σ N² (1 − f) s²/n."""
    sample = draw(stores, TIER, EACH, seed=3)
    by_hand = [(N, part["y"]) for N, (_, part) in zip((5, 7), sample.to_frame().groupby("tier"), strict=True)]
    total, se = total_and_se(sample)
    assert total == pytest.approx(sum(N * y.mean() for N, y in by_hand), rel=1e-12)
    assert se == pytest.approx(np.sqrt(sum(N**2 * (1 - len(y) / N) * y.var() / len(y) for N, y in by_hand)), rel=1e-10)


def test_the_error_of_a_two_stage_total_is_the_textbooks(customers: pd.DataFrame) -> None:
    """Cochran (1977), equation 11.24: N² (1 − f₁) s₁²/n + N/n Σ M² (1 − f₂) s₂²/m."""
    sample = draw(customers, SampleDesign(clusters="store"), (4, 3), seed=3)
    parts = [(part["units_in_cluster"].iloc[0], part["y"]) for _, part in sample.to_frame().groupby("store")]
    totals = np.array([M * y.mean() for M, y in parts])
    within = sum(M**2 * (1 - 3 / M) * y.var() / 3 for M, y in parts)
    total, se = total_and_se(sample)
    assert total == pytest.approx(6 * totals.mean(), rel=1e-12)
    assert se == pytest.approx(np.sqrt(36 * (1 - 4 / 6) * totals.var(ddof=1) / 4 + 6 / 4 * within), rel=1e-10)


def test_certain_units_bring_no_error(stores: pd.DataFrame) -> None:
    """Only the others' 2 y/π vary: (1 − π_min) n/(n − 1) Σ (y/π − mean)²."""
    sample = draw(stores, SampleDesign(), 3, method="pps", size="traffic", seed=1)
    frame = sample.to_frame()
    certain = (frame["inclusion_probability"] == 1).to_numpy()
    assert frame.loc[certain, "store"].tolist() == ["S01"]
    assert frame["error_stratum"].tolist() == np.where(certain, "certain", "drawn").tolist()
    spread = (frame["y"] * frame["weight"])[~certain]
    smallest = float(min(exact(stores["traffic"].tolist(), 3)))
    total, se = total_and_se(sample)
    assert total == pytest.approx(31.0 + spread.sum())
    assert se == pytest.approx(np.sqrt((1 - smallest) * 2 / 1 * ((spread - spread.mean()) ** 2).sum()), rel=1e-9)


def test_the_columns_that_the_draw_made_have_words(stores: pd.DataFrame) -> None:
    design = draw(stores, SampleDesign(), 3, method="pps", size="traffic", seed=1).design
    assert "strata: as drawn, certain units apart" in design.sentence()
    assert "分层：抽样所用的层，必选单元单列" in design.sentence("zh")
    assert "总体规模：按层内最小入样概率折算" in design.sentence("zh")
    assert "error_" not in design.sentence() + design.sentence("zh")


@pytest.mark.parametrize("strata", [None, "tier"])
def test_certain_units_are_told_in_words(strata: str | None) -> None:
    """A certain store is a stratum that was completely visited: the note names it in the reader's language."""
    generator = np.random.default_rng(1)
    stores = pd.DataFrame({"store": [f"S{k}" for k in range(8)], "tier": ["core"] * 4 + ["other"] * 4,
                           "traffic": [900, 60, 50, 40, 30, 20, 10, 10]})  # fmt: skip
    n = {"core": 2, "other": 2} if strata else 4
    sample = draw(stores, SampleDesign(strata=strata, clusters="store"), n, method="pps", size="traffic", seed=2)
    instrument = load_instrument("servperf-22")
    rows = sample.frame.loc[sample.frame.index.repeat(12)].reset_index(drop=True).assign(respondent=range(48))
    answers = {name: generator.integers(3, 8, len(rows)) for name in instrument.columns("perception").values()}
    found = score_performance(Responses(rows.assign(**answers), instrument, sample.design, respondent="respondent"))
    told = "core (certain)" if strata else "units certain to be drawn"
    assert f"about these clusters: {told}" in found.note()
    assert ("结论仅针对这些群：core（必选单元）" if strata else "结论仅针对这些群：必选单元") in found.in_language(
        "zh"
    ).note()


def test_a_sample_shows_labels(stores: pd.DataFrame) -> None:
    named = {"tier": Variable({"en": "level", "zh": "门店层级"}, {"flagship": {"en": "Flagship", "zh": "旗舰店"}})}
    sample = draw(stores, TIER, EACH, seed=1).with_labels(named)
    assert "drawn per stratum: Flagship 2 of 5, ordinary 3 of 7" in sample.note()
    zh = sample.in_language("zh")
    assert "各层抽取数/总数：旗舰店 2/5、ordinary 3/7" in zh.note()
    assert "旗舰店" in zh.shown()["门店层级"].tolist()


def test_everyone_drawn_leaves_no_error(stores: pd.DataFrame) -> None:
    for options in ({}, {"method": "pps", "size": "traffic"}):
        total, se = total_and_se(draw(stores, TIER, {"flagship": 5, "ordinary": 7}, seed=1, **options))
        assert total == pytest.approx(stores["y"].sum())
        assert se == 0


def test_the_design_goes_to_the_answers_as_it_is(customers: pd.DataFrame) -> None:
    sample = draw(
        customers, SampleDesign(strata="region", clusters="store"), ({"n": 2, "s": 3}, 3), method="pps", seed=2
    )
    instrument, generator = load_instrument("servperf-22"), np.random.default_rng(1)
    answers = sample.to_frame().assign(
        **{column: generator.integers(3, 8, len(sample.frame)) for column in instrument.columns("perception").values()}
    )
    responses = Responses(answers, instrument, sample.design)
    assert len(responses.frame) == 15
    assert score_performance(responses).to_frame()["se"].gt(0).all()


# --- many draws ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    text = (Path(__file__).parents[1] / "docs" / "draws.md").read_text(encoding="utf-8")
    lines = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")
    ]
    return pd.DataFrame(lines[2:], columns=lines[0]).set_index("kind of draw")


def test_every_kind_of_draw_kept_its_probabilities(table: pd.DataFrame) -> None:
    assert (table["all within"] == "yes").all()
    assert (table["within"] == "yes").all()
    assert (table["total, z"].astype(float).abs() < 4).all()
    ratio = table["variance / exact"].replace("–", np.nan).astype(float).dropna()
    assert ((ratio > 0.95) & (ratio < 1.05)).all()


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.words)
def test_the_table_can_be_repeated(case, table: pd.DataFrame) -> None:
    """The first draws again: the same rows as in the table, counts as chance allows, and the stated size."""
    met, total, sizes = np.zeros(len(case.frame)), 0, set()
    for seed in range(FIRST):
        rows = case.draw(seed).to_frame().index.to_numpy()
        met[rows] += 1
        total += int(rows.sum())
        sizes.add(len(rows))
    assert str(total) == table.loc[case.words, f"first {FIRST}"]
    assert len(sizes) == 1 or case.design.whole_clusters
    low, high = bounds(case.pi, FIRST)
    assert ((low <= met) & (met <= high)).all()


# --- words -----------------------------------------------------------------------------------------------------


def test_a_sample_says_how_it_was_drawn(stores: pd.DataFrame) -> None:
    sample = draw(stores, TIER, EACH, method="pps", size="traffic", order="y", seed=7)
    assert sample.title() == "Sample: 5 of 12 units"
    assert "size: traffic, sorted by y; seed 7" in sample.note()
    assert "flagship 2 of 5, ordinary 3 of 7" in sample.note()
    assert "certain (probability 1): 1" in sample.note()
    assert sample.sentence().startswith("5 of 12 units in 2 strata were drawn by systematic sampling with probability")


def test_the_same_in_chinese(stores: pd.DataFrame, customers: pd.DataFrame) -> None:
    sample = draw(stores, TIER, EACH, method="pps", size="traffic", order="y", seed=7).in_language("zh")
    assert sample.title() == "样本：从 12 个单元中抽取 5 个"
    assert "规模：traffic，按 y 排序；种子 7" in sample.note()
    assert "各层抽取数/总数：flagship 2/5、ordinary 3/7；必选单元（入样概率为 1）1 个" in sample.note()
    assert "入样概率" in sample.to_string()
    assert sample.sentence().endswith("（种子 7）。")
    two = draw(customers, SampleDesign(clusters="store"), (2, 3), seed=1).in_language("zh")
    assert two.title() == "样本：从 6 个群（store）中抽取 2 个及其中 6 个单元"
    assert "群内：不放回简单随机抽样" in two.note()
    assert set(METHOD_WORDS) == {"srs", "systematic", "pps", "balanced"}
    assert all(words["zh"] and words["en"] for words in METHOD_WORDS.values())


def test_a_long_sample_shows_its_first_rows() -> None:
    sample = draw(pd.DataFrame({"customer": range(500)}), SampleDesign(), 100, seed=1)
    assert len(sample.shown()) == 20
    assert "first 20 of 100 rows shown" in sample.note()
    assert "显示前 20 行，共 100 行" in sample.in_language("zh").note()
    assert len(sample.to_frame()) == 100


def test_balance_is_reported(stores: pd.DataFrame) -> None:
    sample = draw(stores, TIER, EACH, method="balanced", auxiliary=["traffic", "y"], seed=1)
    frame = sample.to_frame()
    inside = frame[frame["tier"] == "flagship"]
    line = sample.balance.iloc[0]
    assert line["total"] == 1580
    assert line["estimate"] == pytest.approx((inside["traffic"] * inside["weight"]).sum())
    assert line["difference"] == pytest.approx(line["estimate"] / 1580 - 1)
    assert "largest distance from a known total" in sample.note()
    assert "与已知总量的最大偏差" in sample.in_language("zh").note()


# --- what cannot be drawn ----------------------------------------------------------------------------------------


def refused(stores: pd.DataFrame, n=EACH, design: SampleDesign = TIER, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        draw(stores, design, n, **{"seed": 1, **options})
    return caught.value


def test_sizes_that_are_not_positive_are_named(stores: pd.DataFrame) -> None:
    stores["traffic"] = stores["traffic"].astype(float)
    stores.loc[[2, 7, 9, 10], "traffic"] = [0, np.nan, -3, np.inf]
    error = refused(stores, method="pps", size="traffic")
    assert error.cases["row"].tolist() == [4, 9, 11, 12]
    assert "A unit of size 0 could never be drawn" in str(error)


def test_strata_that_are_too_small_are_all_named(stores: pd.DataFrame) -> None:
    error = refused(stores, {"flagship": 6, "ordinary": 9})
    assert "flagship: 6 of 5, ordinary: 9 of 7" in str(error)
    assert error.cases["value"].tolist() == ["flagship", "ordinary"]


def test_strata_must_agree(stores: pd.DataFrame) -> None:
    error = refused(stores, {"flagship": 2, "county": 1})
    assert "n says nothing of ordinary" in str(error)
    assert "no units in county" in str(error)
    assert error.cases["value"].tolist() == ["ordinary", "county"]


@pytest.mark.parametrize("number", [0, -1, 2.5, "3", None, True, float("nan")])
def test_numbers_must_be_whole_and_positive(stores: pd.DataFrame, number) -> None:
    error = refused(stores, {"flagship": number, "ordinary": 3})
    assert "flagship" in str(error)
    assert error.cases["stratum"].tolist() == ["flagship"]


def test_blank_strata_are_named(stores: pd.DataFrame) -> None:
    stores.loc[[1, 4], "tier"] = [None, "  "]
    error = refused(stores)
    assert error.cases["row"].tolist() == [3, 6]


def test_repeated_units_are_named(stores: pd.DataFrame) -> None:
    stores.loc[3, "store"] = "S02"
    assert refused(stores, unit="store").cases["row"].tolist() == [3, 5]
    error = refused(stores, design=SampleDesign(strata="tier", clusters="store"))
    assert error.cases["value"].tolist() == ["S02"]
    assert "keep one row" in str(error)


def test_clusters_that_are_too_small_are_named(customers: pd.DataFrame) -> None:
    error = refused(customers, (2, 5), SampleDesign(clusters="store"))
    assert error.cases["value"].tolist() == ["S0", "S2"]
    assert "S0: 5 of 4, S2: 5 of 3" in str(error)


def test_a_size_is_one_per_cluster(customers: pd.DataFrame) -> None:
    error = refused(
        customers.assign(size=range(1, 36)), (2, 2), SampleDesign(clusters="store"), method="pps", size="size"
    )
    assert len(error.cases) == 6


def test_balancing_variables_must_be_numbers(stores: pd.DataFrame) -> None:
    assert refused(stores, method="balanced", auxiliary="store").cases["row"].tolist() == list(range(2, 14))


def test_a_list_of_stores_has_no_customers(stores: pd.DataFrame) -> None:
    assert "one row in the list" in str(refused(stores, (EACH, 5), SampleDesign(strata="tier", clusters="store")))
    assert "empty" in str(refused(stores.iloc[:0]))
    assert "no column 'trafic'" in str(refused(stores, method="pps", size="trafic"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 5}, "does not say how it is spread over the strata"),
        ({"n": (EACH, 2)}, "the design has no clusters"),
        ({"n": (1, 2, 3)}, "a pair"),
        ({"n": "many"}, "is not a number, a mapping"),
        ({"design": SampleDesign()}, "the design has none"),
        ({"design": SampleDesign(strata="tier", population="y")}, "draw() counts the population"),
        ({"design": SampleDesign(clusters=("tier", "store")), "n": 3}, "are two stages"),
        ({"design": SampleDesign(strata="tier", weight="y")}, "columns that the draw would write: 'y'"),
        ({"design": "tier"}, "takes a DataFrame"),
        ({"method": "random"}, "method='random' is not known"),
        ({"within": "pps"}, "within='pps' is not known"),
        ({"size": "traffic"}, "is not looked at by method='srs'"),
        ({"auxiliary": "y"}, "go together"),
        ({"method": "balanced"}, "go together"),
        ({"shuffle": True}, "needs method='systematic' or 'pps'"),
        ({"method": "systematic", "shuffle": True, "order": "y"}, "no order="),
        ({"method": "pps"}, "needs size="),
        ({"method": "systematic", "shuffle": True, "joint": True}, "joint=True"),
        ({"seed": 1.5}, "must be a whole number"),
        ({"seed": -1}, "must be a whole number"),
    ],
)
def test_requests_that_do_not_fit_are_refused(stores: pd.DataFrame, change: dict, words: str) -> None:
    asked = {"n": EACH, "design": TIER, "seed": 1, **change}
    with pytest.raises(SpecError, match=re.escape(words)):
        draw(stores, asked.pop("design"), asked.pop("n"), **asked)


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5), data=st.data())
def test_any_two_stage_draw_has_the_sizes_asked_for(sizes: list[int], data) -> None:
    frame = pd.DataFrame({"store": np.repeat([f"S{k}" for k in range(len(sizes))], sizes), "y": 1.0})
    if max(sizes) == 1:
        return
    n, m = data.draw(st.integers(1, len(sizes))), data.draw(st.integers(1, min(sizes)))
    method, within = (
        data.draw(st.sampled_from(["srs", "systematic", "pps"])),
        data.draw(st.sampled_from(["srs", "systematic"])),
    )
    table = draw(frame, SampleDesign(clusters="store"), (n, m), method=method, within=within, seed=1).to_frame()
    assert table.groupby("store").size().tolist() == [m] * n
    if method == "pps":  # of all totals, the one of the sizes has no error where no cluster is certain
        uncertain = inclusion_probabilities(sizes, n).max() < 1
        assert not uncertain or table["weight"].sum() == pytest.approx(len(frame))


def test_a_stratum_called_like_certain_units_of_another_stays_apart():
    units = pd.DataFrame({"t": ["A"] * 6 + ["A (certain)"] * 6, "x": [100, 1, 2, 3, 2, 1, 5, 4, 3, 6, 5, 4]})
    wanted = {"A": 3, "A (certain)": 3}
    frame = draw(units, SampleDesign(strata="t"), wanted, method="pps", size="x", seed=1).frame
    certain = frame["inclusion_probability"] == 1
    assert certain.sum() == 1
    assert frame.loc[certain, "error_stratum"].tolist() == ["A (certain) (certain)"]
    assert (frame.loc[~certain, "error_stratum"] == frame.loc[~certain, "t"]).all()
