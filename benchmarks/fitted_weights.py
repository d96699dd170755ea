"""``python -m benchmarks.fitted_weights``: do weights fitted to customers' ratings recover those that customers have?

Stores are simulated with known scores on eight indicators and known weights; inspectors see the scores with error, one indicator
worse than the others. The printed text is ``docs/fitted_weights.md``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from servqual.index_weights import FittedWeights, fit_index_weights

WEIGHTS = np.array([0.30, 0.25, 0.15, 0.10, 0.10, 0.05, 0.05, 0.00])  # what customers have
NAMES = tuple("abcdefgh")
ERROR = np.array([16.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0])  # SD of one visit about the store's score
COMMON, OWN, REST = 5.0, 7.0, 2.0  # SD of stores: all indicators together, each alone, what the checklist does not see
CUSTOMERS, ANSWER = 30, 15.0  # per store, and SD of one customer's rating
FITS = {  # error, shrink
    "plain": ("none", 0.0),
    "corrected": ("auto", 0.0),
    "pulled": ("none", "auto"),
    "pulled, corrected": ("auto", "auto"),
    "best, corrected": ("auto", "best"),
}
HEAD = """# Weights fitted to customers: simulation with known weights

Written by `python -m benchmarks.fitted_weights` (seed {seed}, {studies} studies of each kind). Customers weigh eight indicators
{weights}; every fit starts from equal weights. Stores differ by SD {common:g} in all indicators together and {own:g} in each alone; a visit sees
them with an error of SD {error:g}, the first indicator of SD {noisy:g}. Each store has {customers} customers whose ratings differ by SD {answer:g}, and
something of SD {rest:g} that the checklist does not see.

**misplaced** is half the sum of all errors of the weights: the share of the weight that lies on wrong indicators, {begun:.2f} at the start.
*Plain* and *corrected* are fitted without pull to the start weights (`shrink=0`), without and with correction for the error of few visits;
*pulled* takes the largest pull that is within one standard error of the best in cross-validation (`shrink="auto"`), *best* takes the best itself.
**kept** says how often *pulled, corrected* keeps the start weights altogether. **noisy** is the mean weight of the noisy indicator, {first:.2f} in
truth: what lies below is attenuation. **covered** is the share of 95 % bootstrap intervals (no pull, true weights above 0) that hold the truth.

| stores | visits each | misplaced: plain | corrected | pulled | pulled, corrected | best, corrected | kept | noisy: plain | corrected | covered: plain | corrected |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""
FOOT = """
With two visits each the plain fit gives the noisy indicator well under half of its weight, however many stores there are: more stores only make
its intervals surer of the wrong value. More visits help, and so does the correction. With 40 stores the correction gains nothing, since it
adds as much chance as it takes off bias. Where data are thin the pull keeps the start weights, as it should: no fit is then much better than
these. With one standard error the pull is cautious; it gives away some of what 40 stores with many visits could tell."""


class Case(NamedTuple):
    """Stores, and visits to each."""

    stores: int
    visits: int


CASES = tuple(Case(stores, visits) for stores in (40, 150, 600) for visits in (2, 6, 24))


def study(case: Case, generator: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of visits, and ratings of the stores."""
    s, k = case.stores, len(WEIGHTS)
    true = 60 + generator.normal(0, COMMON, (s, 1)) + generator.normal(0, OWN, (s, k))
    seen = true[:, None, :] + generator.normal(0, ERROR, (s, case.visits, k))
    error = generator.normal(0, np.sqrt(REST**2 + ANSWER**2 / CUSTOMERS), s)
    stores = np.array([f"S{i:04}" for i in range(s)])
    visits = pd.DataFrame(np.clip(seen.reshape(-1, k), 0, 100), columns=list(NAMES))
    visits.insert(0, "store", np.repeat(stores, case.visits))
    rating = np.clip(true @ WEIGHTS + error, 0, 100)
    return visits, pd.DataFrame({"store": stores, "rating": rating, "n": CUSTOMERS})


def fits(case: Case, generator: np.random.Generator, replicates: int) -> dict[str, FittedWeights]:
    """One study, fitted in five ways."""
    visits, ratings = study(case, generator)
    seed = int(generator.integers(2**31))
    return {
        name: fit_index_weights(
            visits, ratings, intercept=True, error=error, shrink=shrink, seed=seed,  # type: ignore[arg-type]
            replicates=replicates if shrink == 0 else 50,
        )
        for name, (error, shrink) in FITS.items()
    }  # fmt: skip


def misplaced(weights: np.ndarray) -> float:
    """Share of the weight that lies on wrong indicators."""
    return float(np.abs(weights - WEIGHTS).sum() / 2)


def one(case: Case, generator: np.random.Generator, replicates: int) -> dict[str, float]:
    """What one study finds, in numbers."""
    found = fits(case, generator, replicates)
    out: dict[str, float] = {}
    inside = WEIGHTS > 0
    for name, fitted in found.items():
        weights = fitted.weights().to_numpy()
        held = fitted.frame["low"].le(WEIGHTS) & fitted.frame["high"].ge(WEIGHTS)
        out |= {
            f"misplaced {name}": misplaced(weights),
            f"noisy {name}": weights[0],
            f"covered {name}": float(held[inside].mean()),
        }
        out[f"kept {name}"] = float(np.isinf(fitted.fits["penalty"].iloc[0]))
    return out


def line(case: Case, mean: pd.Series) -> str:
    """One row of the table."""
    cells = [f"{case.stores}", f"{case.visits}", *(f"{mean[f'misplaced {name}']:.3f}" for name in FITS),
             f"{100 * mean['kept pulled, corrected']:.0f}%", *(f"{mean[f'noisy {name}']:.3f}" for name in ("plain", "corrected")),
             *(f"{100 * mean[f'covered {name}']:.0f}%" for name in ("plain", "corrected"))]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def text(studies: int, replicates: int, seed: int) -> Iterator[str]:
    """The lines of the document, each when it is ready."""
    equal = np.full(len(WEIGHTS), 1 / len(WEIGHTS))
    yield HEAD.format(
        seed=seed, studies=studies, weights=", ".join(f"{w:.2f}" for w in WEIGHTS), common=COMMON, own=OWN, error=ERROR[1],
        noisy=ERROR[0], customers=CUSTOMERS, answer=ANSWER, rest=REST, begun=misplaced(equal), first=WEIGHTS[0],
    )  # fmt: skip
    for k, case in enumerate(CASES):
        generator = np.random.default_rng([seed, k])
        yield line(case, pd.DataFrame([one(case, generator, replicates) for _ in range(studies)]).mean())
    yield FOOT


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--studies", type=int, default=60)
    options.add_argument("--replicates", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "fitted_weights.md")
    chosen = options.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = list(text(chosen.studies, chosen.replicates, chosen.seed))
    chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
