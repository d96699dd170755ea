"""Do draws keep their probabilities? 20,000 seeded draws of each kind, held against what was stated before.

``python -m benchmarks.draws`` writes ``docs/draws.md``; ``--draws 2000`` is a quick look that writes nothing.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from servqual import Total, estimate
from survey_design.sampling import SampleDesign
from survey_design.sampling.selection import (
    Sample,
    cube,
    draw,
    inclusion_probabilities,
    joint_inclusion_srs,
    joint_inclusion_systematic,
    prepare_draw,
    systematic_pps,
)

Array = NDArray[Any]
DRAWS, SEED, FIRST, ANALYSED = 20_000, 20261122, 200, 1_000
RISK = 0.001  # of a false alarm, in each test of each line
TIERS = ("flagship", "ordinary", "county")
STORES = {"flagship": 12, "ordinary": 20, "county": 28}
N = {"flagship": 5, "ordinary": 7, "county": 9}


@cache
def stores() -> pd.DataFrame:
    """60 stores in three tiers with skewed traffic, a quality score, and the total complaints that are to be estimated."""
    generator = np.random.default_rng(4)
    tier = np.repeat(list(STORES), list(STORES.values()))
    level = np.repeat([900.0, 300.0, 90.0], list(STORES.values()))
    traffic = np.ceil(level * generator.lognormal(0.0, 0.9, len(tier)))
    frame = pd.DataFrame({"store": [f"S{k:02d}" for k in range(len(tier))], "tier": tier, "traffic": traffic})
    frame["staff"] = np.ceil(traffic / 60 + generator.gamma(2.0, 1.0, len(tier)))
    frame["y"] = np.round(traffic * generator.uniform(0.02, 0.06, len(tier)) + 3 * generator.normal(size=len(tier)), 2)
    return frame


@cache
def customers() -> pd.DataFrame:
    """Customers of 18 stores in two regions, 3 to 12 in each, who rate their store."""
    generator = np.random.default_rng(5)
    n = generator.integers(3, 13, 18)
    store = np.repeat(np.arange(18), n)
    y = np.round(5 + generator.normal(0, 0.6, 18)[store] + generator.normal(size=len(store)), 2)
    return pd.DataFrame(
        {"store": [f"S{k:02d}" for k in store], "region": np.where(store < 8, "north", "south"), "y": y}
    )


@dataclass(frozen=True, eq=False)
class Case:
    """One kind of draw, with the probabilities by definition.

    ``pi`` (U,) and ``joint`` (U, U) or None where pairs are not known exactly; then another run of ``again``, the drawing by
    array functions with a generator of its own, tells how far draws may scatter.
    """

    words: str
    frame: pd.DataFrame
    design: SampleDesign
    n: Any
    pi: Array
    joint: Array | None = None
    again: Callable[[np.random.Generator], Array] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seed: int) -> Sample:
        return draw(self.frame, self.design, self.n, seed=seed, **self.options)


def blocks(parts: list[Array], pi: Array) -> Array:
    """Probabilities of pairs from those within strata, which are independent."""
    joint, start = np.outer(pi, pi), 0
    for part in parts:
        inside = slice(start, start + len(part))
        joint[inside, inside] = part
        start += len(part)
    return joint


def by_tier(make: Callable[[Array, int], Array]) -> list[Array]:
    """Something of each tier's traffic and number."""
    frame = stores()
    return [make(frame.loc[frame["tier"] == tier, "traffic"].to_numpy(), N[tier]) for tier in TIERS]


def each_tier(choose: Callable[[Array, int, np.random.Generator], Array]) -> Callable[[np.random.Generator], Array]:
    """Draws each tier in turn by an array function."""

    def work(generator: np.random.Generator) -> Array:
        starts = np.cumsum([0, *STORES.values()])
        parts = by_tier(lambda x, n: choose(x, n, generator))
        return np.concatenate([start + part for start, part in zip(starts, parts, strict=False)])

    return work


def cases() -> Iterator[Case]:
    """Every method, with strata, by size with certain units, in two stages, balanced."""
    frame, tier = stores(), SampleDesign(strata="tier")
    equal = np.concatenate(by_tier(lambda x, n: np.full(len(x), n / len(x))))
    sized = np.concatenate(by_tier(inclusion_probabilities))
    at_random = blocks(by_tier(lambda x, n: joint_inclusion_srs(len(x), n)), equal)
    yield Case("simple random, 3 strata", frame, tier, N, equal, at_random)
    even = blocks(by_tier(lambda x, n: joint_inclusion_systematic(np.full(len(x), n / len(x)))), equal)
    yield Case("systematic, interval a fraction", frame, tier, N, equal, even, options={"method": "systematic"})
    by_traffic = frame.sort_values(["tier", "traffic"], key=lambda c: c.map(TIERS.index) if c.name == "tier" else c,
                                   kind="stable").index.to_numpy()  # fmt: skip
    placed = np.empty_like(even)
    placed[np.ix_(by_traffic, by_traffic)] = even
    yield Case("systematic, sorted by traffic", frame, tier, N, equal, placed,
               options={"method": "systematic", "order": "traffic"})  # fmt: skip
    yield Case("systematic, random order", frame, tier, N, equal, at_random,
               options={"method": "systematic", "shuffle": True})  # fmt: skip
    by_size = blocks(by_tier(lambda x, n: joint_inclusion_systematic(inclusion_probabilities(x, n))), sized)
    yield Case("by size, certain units, order of the list", frame, tier, N, sized, by_size,
               options={"method": "pps", "size": "traffic"})  # fmt: skip
    yield Case("by size, certain units, random order", frame, tier, N, sized, None, each_tier(shuffled_pps),
               {"method": "pps", "size": "traffic", "shuffle": True})  # fmt: skip
    yield from two_stages()
    yield Case("balanced on traffic and staff", frame, tier, N, equal, None, balanced(equal, ["traffic", "staff"]),
               {"method": "balanced", "auxiliary": ["traffic", "staff"]})  # fmt: skip
    yield Case("balanced on staff, by size, certain units", frame, tier, N, sized, None, balanced(sized, ["staff"]),
               {"method": "balanced", "auxiliary": "staff", "size": "traffic"})  # fmt: skip
    one = inclusion_probabilities(frame["traffic"], 15)
    yield Case("by size, no strata", frame, SampleDesign(), 15, one, joint_inclusion_systematic(one),
               options={"method": "pps", "size": "traffic"})  # fmt: skip


def shuffled_pps(x: Array, n: int, generator: np.random.Generator) -> Array:
    order = generator.permutation(len(x))
    return order[systematic_pps(inclusion_probabilities(x, n)[order], generator.random())]


def balanced(pi: Array, names: list[str]) -> Callable[[np.random.Generator], Array]:
    """The cube in each tier."""
    frame = stores()
    starts = np.cumsum([0, *STORES.values()])
    parts = [slice(a, b) for a, b in pairwise(starts)]
    return lambda generator: np.concatenate(
        [part.start + cube(pi[part], frame[names].to_numpy()[part], generator) for part in parts]
    )


def two_stages() -> Iterator[Case]:
    """Stores by number of customers, then 3 customers: equal weights; and both stages with equal probabilities."""
    frame, design = customers(), SampleDesign(strata="region", clusters="store")
    n = {"north": 3, "south": 4}
    size = frame.groupby("store", sort=False).size().to_numpy()
    code = np.repeat(np.arange(len(size)), size)
    north = np.arange(len(size)) < 8
    first = np.concatenate([inclusion_probabilities(size[north], 3), inclusion_probabilities(size[~north], 4)])
    pairs = blocks([joint_inclusion_systematic(first[north]), joint_inclusion_systematic(first[~north])], first)
    inner = [joint_inclusion_srs(M, 3) for M in size]
    yield Case("stores by size, 3 customers at random", frame, design, (n, 3), first[code] * (3 / size)[code],
               nested(pairs, inner, code), options={"method": "pps"})  # fmt: skip
    first = np.where(north, 3 / 8, 4 / 10)
    pairs = blocks([joint_inclusion_srs(8, 3), joint_inclusion_srs(10, 4)], first)
    inner = [joint_inclusion_systematic(np.full(M, 2 / M)) for M in size]
    yield Case("stores at random, 2 customers systematically", frame, design, (n, 2), first[code] * (2 / size)[code],
               nested(pairs, inner, code), options={"within": "systematic"})  # fmt: skip
    whole = SampleDesign(strata="region", clusters="store", whole_clusters=True)
    yield Case("stores at random, all their customers", frame, whole, n, first[code], pairs[np.ix_(code, code)])


def nested(pairs: Array, inner: list[Array], code: Array) -> Array:
    """Probabilities of pairs of units: of their clusters, times those within."""
    share = np.concatenate([np.diagonal(part) for part in inner])
    joint = pairs[np.ix_(code, code)] * np.outer(share, share)
    for k, part in enumerate(inner):
        inside = np.flatnonzero(code == k)
        joint[np.ix_(inside, inside)] = pairs[k, k] * part
    return joint


@dataclass(frozen=True, eq=False)
class Found:
    """What the draws of one case showed."""

    times: Array
    totals: Array
    variances: Array
    first: int

    @classmethod
    def of(cls, case: Case, draws: int, analysed: int) -> Found:
        """Draws and draws again; a sample that states other probabilities or another size stops the run."""
        ready = prepare_draw(case.frame, case.design, case.n, **case.options)
        times, totals, y = np.zeros(len(case.frame)), np.empty(draws), case.frame["y"].to_numpy()
        variances, first, sizes = [], 0, set()
        for k in range(draws):
            rows, pi = ready.rows(k)
            if not np.allclose(pi, case.pi[rows], rtol=1e-12, atol=0):
                raise SystemExit(f"{case.words}: seed {k} states other probabilities than the definition")
            times[rows] += 1
            sizes.add(len(rows))
            totals[k] = (y[rows] / pi).sum()
            first += int(rows.sum()) if k < FIRST else 0
            if k < analysed:
                variances.append(analysed_variance(case, k, totals[k]))
        if len(sizes) > 1 and not case.design.whole_clusters:
            raise SystemExit(f"{case.words}: sample sizes {sizes}")
        return cls(times, totals, np.array(variances), first)


def analysed_variance(case: Case, seed: int, total: float) -> float:
    """The squared error of the total that the analysis finds in the sample of ``draw``, with the design handed over."""
    sample = case.draw(seed)
    found = estimate(sample.to_frame(), Total("y"), sample.design).to_frame().iloc[0]
    if not np.isclose(found["estimate"], total, rtol=1e-10):
        raise SystemExit(f"{case.words}: seed {seed} gives another total through draw() and estimate()")
    return float(found["se"]) ** 2


def joint_of(case: Case, draws: int) -> Array:
    """Probabilities of pairs: exact, or from a run of their own."""
    if case.joint is not None:
        return case.joint
    if case.again is None:
        raise SystemExit(f"{case.words}: neither pairs nor another run")
    generator = np.random.default_rng(SEED)
    drawn = np.zeros((draws, len(case.pi)), dtype=np.float32)
    for k in range(draws):
        drawn[k, case.again(generator)] = 1
    return np.asarray(drawn.T @ drawn / draws, dtype=float)


def chi_range(joint: Array, pi: Array) -> tuple[float, float]:
    """Between which values the sum of squared z lies with chance 1 − RISK, were counts normal with these covariances."""
    open_ = np.flatnonzero(pi < 1)
    root = np.sqrt(pi[open_] * (1 - pi[open_]))
    covariance = (joint[np.ix_(open_, open_)] - np.outer(pi[open_], pi[open_])) / np.outer(root, root)
    values = np.linalg.eigvalsh(covariance).clip(0)
    sums = np.random.default_rng(SEED).chisquare(1, (200_000, len(values))) @ values
    low, high = np.quantile(sums, [RISK / 2, 1 - RISK / 2])
    return float(low), float(high)


def line(case: Case, draws: int, analysed: int) -> dict[str, Any]:
    """One line of the table, and whether it is as it should be."""
    found, joint = Found.of(case, draws, analysed), joint_of(case, draws)
    pi, open_ = case.pi, case.pi < 1
    z = (found.times - draws * pi)[open_] / np.sqrt(draws * pi * (1 - pi))[open_]
    tail = RISK / (2 * open_.sum())
    low, high = stats.binom.ppf(tail, draws, pi[open_]), stats.binom.isf(tail, draws, pi[open_])
    inside = bool(((low <= found.times[open_]) & (found.times[open_] <= high)).all()) and bool(
        (found.times[~open_] == draws).all()
    )
    below, above = chi_range(joint, pi)
    squares = float((z**2).sum())
    y = case.frame["y"].to_numpy() / pi
    variance = float(y @ (joint - np.outer(pi, pi)) @ y)
    bias = (found.totals.mean() - case.frame["y"].sum()) / (found.totals.std() / np.sqrt(draws))
    return {
        "kind of draw": case.words,
        "units": str(len(pi)),
        "certain": str(int((~open_).sum())),
        "smallest π": f"{pi.min():.4f}",
        "farthest z": f"{np.abs(z).max():.2f}",
        "all within": "yes" if inside else "NO",
        "Σz²": f"{squares:.1f}",
        "reference": f"{below:.1f} to {above:.1f}{'' if case.joint is not None else ' *'}",
        "within": "yes" if below <= squares <= above else "NO",
        "total, z": f"{bias:+.2f}",
        "variance / exact": f"{found.totals.var() / variance:.3f}" if case.joint is not None else "–",
        "analysis / drawn": f"{found.variances.mean() / found.totals.var():.2f}" if analysed else "–",
        f"first {FIRST}": str(found.first),
    }


def markdown(lines: list[dict[str, Any]]) -> str:
    heads = list(lines[0])
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)], *([*each.values()] for each in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


PAGE = """# Draws: does every unit come as often as stated?

This page is written by `python -m benchmarks.draws`: {draws:,} draws of each kind, seeds 0 to {last:,}, by `prepare_draw(…).rows(seed)`; the first
{analysed:,} also by `draw(…, seed=seed)`. No draw was left out and no seed chosen after looking.

## What was done

60 stores stand in three tiers with skewed traffic; 5, 7 and 9 of them are drawn (15 where there are no strata). For two stages there
are 18 stores in two regions with 3 to 12 customers; 3 and 4 stores are drawn. Probabilities π are computed from the definition
(`n/N`, `n x/X` with certain units set to 1, products in two stages). The run stops if a sample states others, or if a sample size varies.

- **farthest z**: the largest distance of a unit's count from `draws · π` in binomial standard deviations; "all within" compares counts with exact
  binomial bounds at {risk} over all units (Bonferroni), and wants certain units in every sample.
- **Σz²** over all units that are not certain. In a fixed-size sample units are not independent, so that Σz² is no chi-square.
  The reference holds {inside:.1f}% of sums simulated from the probabilities of pairs: exact ones, or (*) those seen in {draws:,} other draws by
  the array functions.
- **total, z**: distance of the mean Horvitz-Thompson total from the true total, in standard errors of that mean.
- **variance / exact**: variance of these totals over the variance that follows from the probabilities of pairs,
  `ΣΣ (π_kl − π_k π_l) y_k y_l / (π_k π_l)`. Its Monte Carlo error is about 1%.
- **analysis / drawn**: mean of the squared standard errors that `servqual.estimate` gives with `sample.design` as it was handed over (first {analysed:,}
  draws), over the variance of the totals. Above 1 the errors are too large: a systematic or balanced sample is better than the
  random one that the analysis must take it for. Where everything is drawn at random the expected value is 1, and the rest is the chance
  of {analysed:,} draws. A systematic pass can also come out below 1 where a list is in step with its interval; `shuffle=True` or
  `order=` avoids that.
- **first {first}**: sum of the row numbers of the first draws; `tests/test_selection.py` draws them again.

## Results

{table}
"""


def main() -> None:
    """Draws all cases and writes the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--draws", type=int, default=DRAWS)
    chosen = options.parse_args()
    analysed = min(ANALYSED, chosen.draws)
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for case in cases():
            lines.append(line(case, chosen.draws, analysed))
            print(*lines[-1].values(), sep=" | ", flush=True)
    if chosen.draws != DRAWS:
        return
    page = PAGE.format(draws=DRAWS, last=DRAWS - 1, risk=RISK, inside=100 * (1 - RISK), analysed=ANALYSED, first=FIRST,
                       table=markdown(lines))  # fmt: skip
    (Path(__file__).parents[1] / "docs" / "draws.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
