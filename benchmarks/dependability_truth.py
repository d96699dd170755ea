"""``python -m benchmarks.dependability_truth``: are variances unbiased, do intervals cover, do more visits help as predicted?

Studies are simulated again and again from known variances, on unbalanced designs in which visits fall on stores and inspectors at
random. The printed text is ``docs/dependability.md``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from servqual.dependability import dependability

PLANNED = 4  # visits of the decision study that is checked
HEAD = """# Dependability: simulation with known variances

Written by `python -m benchmarks.dependability_truth` (seed {seed}, {studies} studies of each kind, {replicates} simulated studies behind each
interval). Visits fall on stores and inspectors at random, so that no two studies are balanced alike. Variances of stores, inspectors,
store × inspector and of a single visit are known.

**bias** is the mean of the untruncated estimates less the truth, in standard errors of that mean: within ±3 is what chance does. **cut off**
is the same for estimates with negative ones set to 0, which are too large on average where the truth is small. **below 0** says how often that
happens. **covered** is the share of 95 % intervals that hold the truth.

| study | variance | truth | mean | bias | cut off: bias | below 0 | SE / SD | covered |
|---|---|---:|---:|---:|---:|---:|---:|---:|"""
PREDICTED = """
What the decision study says for {planned} visits, each by another inspector, beside what such visits give: the correlation of two independent
means of {planned} visits over 50,000 simulated stores with the same variances. **covered** is for the interval of Φ at {planned} visits.

| study | Eρ² true | mean of Eρ² predicted | correlation seen | covered |
|---|---:|---:|---:|---:|"""
FOOT = """
The mean of a predicted coefficient lies somewhat below the truth where studies are small: it is a curved function of the variances, and
a negative variance of an interaction, set to 0, no longer makes up for a residual that came out too high. Where stores hardly differ it lies
above, since their variance cannot fall below 0 either. The untruncated variances are unbiased throughout."""


class Case(NamedTuple):
    """A letter; stores, inspectors, visits, and the standard deviations of stores, inspectors, both together, and a visit."""

    id: str
    stores: int
    inspectors: int
    visits: int
    sd: tuple[float, float, float, float]

    @property
    def words(self) -> str:
        return f"{self.id}: {self.stores} stores, {self.inspectors} inspectors, {self.visits} visits"

    @property
    def truth(self) -> dict[str, float]:
        names = ("objects", "inspectors", "objects:inspectors", "residual")
        return {name: sd**2 for name, sd in zip(names, self.sd, strict=True)}

    @property
    def coefficient(self) -> float:
        """Eρ² of the planned visits, each by another inspector."""
        v = self.truth
        return v["objects"] / (v["objects"] + (sum(v.values()) - v["objects"]) / PLANNED)


CASES = (
    Case("A", 60, 12, 300, (6.0, 4.0, 3.0, 7.0)),
    Case("B", 60, 12, 300, (6.0, 0.0, 0.0, 8.0)),
    Case("C", 60, 12, 300, (1.0, 4.0, 0.0, 8.0)),
    Case("D", 20, 6, 80, (6.0, 4.0, 3.0, 7.0)),
    Case("E", 200, 40, 1000, (6.0, 4.0, 3.0, 7.0)),
)


def study(case: Case, generator: np.random.Generator) -> pd.DataFrame:
    """One round of visits."""
    s, i = generator.integers(0, case.stores, case.visits), generator.integers(0, case.inspectors, case.visits)
    store, inspector = generator.normal(0, case.sd[0], case.stores), generator.normal(0, case.sd[1], case.inspectors)
    both = generator.normal(0, case.sd[2], (case.stores, case.inspectors))
    score = 75 + store[s] + inspector[i] + both[s, i] + generator.normal(0, case.sd[3], case.visits)
    return pd.DataFrame({"store": s, "inspector": i, "score": score})


def one(case: Case, generator: np.random.Generator, replicates: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Variances of one study beside the truth, and what it predicts."""
    seed = int(generator.integers(2**31))
    found = dependability(study(case, generator), score="score", replicates=replicates, seed=seed)
    got = found.for_design(visits=PLANNED)
    frame = found.frame.assign(truth=found.frame["component"].map(case.truth))
    predicted = {"relative": got.relative, "covered": float(got.absolute_low <= case.coefficient <= got.absolute_high)}
    return frame, predicted


def seen_correlation(case: Case, generator: np.random.Generator) -> float:
    """Correlation of two independent means of the planned visits, every visit by another inspector."""
    store = generator.normal(0, case.sd[0], 50_000)
    error = np.sqrt(sum(sd**2 for sd in case.sd[1:]))
    means = [store + generator.normal(0, error, (PLANNED, len(store))).mean(axis=0) for _ in range(2)]
    return float(np.corrcoef(*means)[0, 1])


def variance_lines(case: Case, frames: pd.DataFrame) -> Iterator[str]:
    """One line per variance."""
    for name, rows in frames.groupby("component", sort=False):
        truth, n = case.truth[str(name)], len(rows)
        value, cut = rows["variance"], rows["truncated"]
        error, cut_error = value.std() / np.sqrt(n), cut.std() / np.sqrt(n)
        held = ((rows["low"] <= truth) & (truth <= rows["high"])).mean()
        cells = [case.words, str(name).replace("objects", "store").replace("inspectors", "inspector").replace(":", " × "), f"{truth:.0f}",
                 f"{value.mean():.2f}", f"{(value.mean() - truth) / error:+.1f}", f"{(cut.mean() - truth) / cut_error:+.1f}",
                 f"{100 * (value < 0).mean():.0f}%", f"{rows['se'].mean() / value.std():.2f}", f"{100 * held:.1f}%"]  # fmt: skip
        yield "| " + " | ".join(cells).replace("-", "−") + " |"


def text(studies: int, replicates: int, seed: int) -> Iterator[str]:
    """The lines of the document, each when it is ready."""
    yield HEAD.format(seed=seed, studies=studies, replicates=replicates)
    second = []
    for k, case in enumerate(CASES):
        generator = np.random.default_rng([seed, k])
        found = [one(case, generator, replicates) for _ in range(studies)]
        yield from variance_lines(case, pd.concat([frame for frame, _ in found]))
        mean = pd.DataFrame([predicted for _, predicted in found]).mean()
        cells = [f"{case.words}; SD of stores {case.sd[0]:g}, inspectors {case.sd[1]:g}", f"{case.coefficient:.3f}", f"{mean['relative']:.3f}",
                 f"{seen_correlation(case, generator):.3f}", f"{100 * mean['covered']:.1f}%"]  # fmt: skip
        second.append("| " + " | ".join(cells) + " |")
    yield PREDICTED.format(planned=PLANNED)
    yield from second
    yield FOOT


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--studies", type=int, default=500)
    options.add_argument("--replicates", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "dependability.md")
    chosen = options.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = list(text(chosen.studies, chosen.replicates, chosen.seed))
    chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
