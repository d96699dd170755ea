"""``python -m benchmarks.stores_coverage``: do the intervals of store estimates cover, and what does pulling gain?

Studies are simulated again and again from a known truth: stores differ by ``tau`` about the means of their tiers, and
customers answer in whole points from 1 to 7. The printed table is the one in ``docs/store_estimates.md``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from servqual import Responses, SampleDesign, load_instrument, read_responses
from servqual.simulate import rounded_mean
from servqual.stores import between_variance, posterior, store_estimates

INSTRUMENT = load_instrument("retail-13")
WITHIN, STEP = 1.2, 0.3  # standard deviation of customers, and between the tiers' means


class Case(NamedTuple):
    """One kind of study: stores, tiers, standard deviation between stores, fewest and most interviews, people in E."""

    stores: int
    tiers: int
    tau: float
    fewest: int
    most: int
    expectations: int = 0

    @property
    def words(self) -> str:
        n = f"{self.fewest}" if self.fewest == self.most else f"{self.fewest}-{self.most}"
        other = f", E from {self.expectations} others" if self.expectations else ""
        return f"{self.stores} stores in {self.tiers} tier{'s' if self.tiers > 1 else ''}, τ = {self.tau:g}, n = {n}{other}"


CASES = (
    Case(40, 4, 0.4, 5, 5),
    Case(40, 4, 0.4, 3, 30),
    Case(40, 4, 0.2, 5, 5),
    Case(40, 4, 0.0, 5, 5),
    Case(12, 3, 0.4, 5, 5),
    Case(8, 1, 0.4, 5, 5),
    Case(40, 4, 0.4, 5, 5, 60),
)


def answers(form: str, level: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
    """One whole answer per person, the same for every item: then the truth of every mean is known."""
    points = np.clip(np.rint(generator.normal(level, WITHIN)), 1, 7)
    return pd.DataFrame(dict.fromkeys(INSTRUMENT.columns(form).values(), points))


def study(case: Case, generator: np.random.Generator) -> tuple[Responses, np.ndarray]:
    """Responses of one simulated study, and the true mean of each store."""
    tier = np.arange(case.stores) % case.tiers
    level = 4.2 + STEP * (tier - (case.tiers - 1) / 2) + case.tau * generator.normal(size=case.stores)
    truth = rounded_mean(level, WITHIN)
    n = generator.integers(case.fewest, case.most + 1, case.stores)
    frame = answers("perception", np.repeat(level, n), generator)
    frame["store"] = np.repeat([f"S{k:03d}" for k in range(case.stores)], n)
    frame["tier"] = np.repeat([f"T{g}" for g in tier], n)
    found = Responses(frame, INSTRUMENT, SampleDesign(clusters="store"))
    if not case.expectations:
        return found, truth
    expected = Responses(answers("expectation", np.full(case.expectations, 5.0), generator), INSTRUMENT)
    return read_responses(expectation=expected, perception=found), truth - rounded_mean(5.0, WITHIN)


def one(case: Case, generator: np.random.Generator) -> dict[str, float]:
    """What one study shows: coverage of each interval, their lengths, and squared errors."""
    responses, truth = study(case, generator)
    of = "gap" if case.expectations else "perception"
    frame = store_estimates(responses, within="tier", of=of, draws=1000).to_frame()
    raw, low, high = (frame[name].to_numpy() for name in (of, "low", "high"))
    known = np.isfinite(low) & (high > low)
    rank = (-truth).argsort().argsort() + 1

    def covers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a <= truth) & (truth <= b)

    shown = {
        "t": covers(low, high)[known].mean(),
        "shrunken": covers(frame["shrunken_low"], frame["shrunken_high"]).mean(),
        "rank": ((frame["rank_low"] <= rank) & (rank <= frame["rank_high"])).mean() if case.tau else np.nan,
        "long": (frame["shrunken_high"] - frame["shrunken_low"])[known].mean(),
        "t long": (high - low)[known].mean(),
        "error": ((frame["shrunken"] - truth) ** 2).mean(),
        "raw error": ((raw - truth) ** 2).mean(),
    }
    return shown | {"plugged": plugged(frame, of, truth) if not case.expectations else np.nan}


def plugged(frame: pd.DataFrame, of: str, truth: np.ndarray) -> float:
    """Coverage if the estimate of tau were taken for the truth."""
    v = pooled_errors(frame)
    group = np.unique(frame["tier"], return_inverse=True)[1]
    tau2 = between_variance(frame[of].to_numpy(), v, group)
    known = posterior(frame[of].to_numpy(), v, group, between=float(np.sqrt(tau2)))
    return float(((known.quantile(0.025) <= truth) & (truth <= known.quantile(0.975))).mean())


def pooled_errors(frame: pd.DataFrame) -> np.ndarray:
    """Variance of customers pooled per tier, over n."""
    within = (frame["se"] ** 2 * frame["n"]).fillna(0.0)
    total = (within * frame["df"]).groupby(frame["tier"]).transform("sum")
    return np.asarray(total / frame["df"].groupby(frame["tier"]).transform("sum") / frame["n"])


def table(studies: int, seed: int) -> Iterator[str]:
    """Lines of the table in Markdown, each when it is ready."""
    head = ["studies of this kind", "raw t", "shrunken", "τ plugged in", "rank", "length / t", "MSE / raw"]
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for case in CASES:
        generator = np.random.default_rng(seed)
        shown = pd.DataFrame([one(case, generator) for _ in range(studies)]).mean()
        cells = [f"{100 * shown[name]:.1f}%" if np.isfinite(shown[name]) else "–"
                 for name in ("t", "shrunken", "plugged", "rank")]  # fmt: skip
        cells += [f"{shown['long'] / shown['t long']:.2f}", f"{shown['error'] / shown['raw error']:.2f}"]
        yield "| " + " | ".join([case.words, *cells]) + " |"


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--studies", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for line in table(chosen.studies, chosen.seed):
            print(line, flush=True)
