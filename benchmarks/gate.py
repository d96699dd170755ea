"""How often is the gate wrong? Studies simulated from known factors, their verdicts counted, and the page docs/gate.md.

``python -m benchmarks.gate`` simulates all studies on the processors there are and writes the page.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from servqual.correlations import ItemMatrix
from servqual.validity import Thresholds, Validity, validity

SEED = 20261122
STUDIES = 500
PIECE = 25
SIZES = (100, 200, 400, 1000)
DIMENSIONS = ("tangibles", "reliability", "responsiveness", "assurance", "empathy")
LOADINGS = (0.85, 0.8, 0.75, 0.7)
MIDDLING = (0.7, 0.65, 0.6, 0.6)
WEAK = 0.35
CORRELATION = 0.5
CUTS = np.array([-2.2, -1.5, -0.9, -0.3, 0.4, 1.1])  # of a latent answer into 1-7, most answers at 4 to 6


@dataclass(frozen=True)
class Scenario:
    """A population: correlations of factors that differ from the others', and dimensions with weak items."""

    id: str
    words: str
    pairs: tuple[tuple[int, int, float], ...] = ()
    weak: tuple[int, ...] = ()
    faulty: frozenset[str] = field(default_factory=frozenset)
    right: tuple[str, ...] = ()
    strong: tuple[float, ...] = LOADINGS
    r: float = CORRELATION

    @property
    def factors(self) -> np.ndarray:
        """(5, 5) correlations of the factors."""
        out = np.full((5, 5), self.r)
        np.fill_diagonal(out, 1.0)
        for i, j, r in self.pairs:
            out[i, j] = out[j, i] = r
        return out

    @property
    def loadings(self) -> np.ndarray:
        """(20,) of each item on its own factor."""
        return np.concatenate([np.full(4, WEAK) if k in self.weak else self.strong for k in range(5)])


_ALL = tuple((i, j, 1.0) for i in range(5) for j in range(i))
_PAIR = frozenset(("responsiveness", "empathy"))
SCENARIOS = (
    Scenario("clean", "five clean factors, r = .5"),
    Scenario("close", "two of them r = .8", ((2, 4, 0.8),)),
    Scenario("near", "two of them r = .9", ((2, 4, 0.9),), faulty=_PAIR, right=("merge",)),
    Scenario("same", "two of them r = 1", ((2, 4, 1.0),), faulty=_PAIR, right=("merge",)),
    Scenario("one", "one factor behind all", _ALL, faulty=frozenset(DIMENSIONS), right=("total",)),
    Scenario("weak", "one of them with loadings .35", weak=(4,), faulty=frozenset(("empathy",)), right=("total",)),
    Scenario("middling", "items middling, r = .7", strong=MIDDLING, r=0.7),
    Scenario("blurred", "items middling, two r = 1", ((2, 4, 1.0),), faulty=_PAIR, right=("merge",), strong=MIDDLING),
)  # fmt: skip


def simulated(scenario: Scenario, n: int, number: int) -> ItemMatrix:
    """The covariances of one study: normal latent answers, cut into seven."""
    rng = np.random.default_rng([SEED, SCENARIOS.index(scenario), n, number])
    value, vector = np.linalg.eigh(scenario.factors)
    scores = rng.standard_normal((n, 5)) @ (vector * np.sqrt(np.maximum(value, 0.0))).T
    loading = scenario.loadings
    latent = np.repeat(scores, 4, axis=1) * loading + rng.standard_normal((n, 20)) * np.sqrt(1 - loading**2)
    answers = np.searchsorted(CUTS, latent) + 1.0
    return ItemMatrix.from_matrix(np.cov(answers.T), n, dimensions=np.repeat(DIMENSIONS, 4).tolist())


def outcome(scenario: Scenario, found: Validity) -> dict[str, int]:
    """What one study adds to the counts: a false alarm is any sound dimension that loses its score, a miss any faulty one that
    is passed without a word."""
    verdicts = dict(zip(found.frame["dimension"], found.frame["verdict"], strict=True))
    sound = [code for name, code in verdicts.items() if name not in scenario.faulty]
    faulty = [code for name, code in verdicts.items() if name in scenario.faulty]
    return {
        "false alarm": int(any(code not in ("separate", "caution") for code in sound)),
        "needless caution": int(any(code == "caution" for code in sound)),
        "miss": int(any(code == "separate" for code in faulty)),
        "only caution": int("separate" not in faulty and "caution" in faulty),
        "right": int(all(code in scenario.right for code in faulty) and all(c in ("separate", "caution") for c in sound)),
        "improper": int(bool(found.problems)),
    }  # fmt: skip


def counted(task: tuple[str, int, range]) -> tuple[tuple[str, int, range], Counter[str]]:
    """Counts over some studies of one scenario and size."""
    id, n, numbers = task
    scenario = next(each for each in SCENARIOS if each.id == id)
    total: Counter[str] = Counter()
    for number in numbers:
        total.update(outcome(scenario, validity(simulated(scenario, n, number), replicates=0)))
    return task, total


def tasks(sizes: Sequence[int] = SIZES, studies: int = STUDIES) -> list[tuple[str, int, range]]:
    return [(scenario.id, n, range(start, min(start + PIECE, studies)))
            for n in sizes for start in range(0, studies, PIECE) for scenario in SCENARIOS]  # fmt: skip


def run(parts: Path, sizes: Sequence[int] = SIZES, studies: int = STUDIES) -> None:
    """Simulates the pieces that are not there yet; a run that was cut off goes on."""
    parts.mkdir(parents=True, exist_ok=True)
    missing = [task for task in tasks(sizes, studies) if not _place(parts, task).exists()]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for task, counts in pool.imap(counted, missing):
            _place(parts, task).write_text(json.dumps(counts))


def _place(parts: Path, task: tuple[str, int, range]) -> Path:
    return parts / f"{task[0]}-{task[1]}-{task[2].start}-{task[2].stop}.json"


def collected(parts: Path, sizes: Sequence[int] = SIZES, studies: int = STUDIES) -> dict[tuple[str, int], Counter[str]]:
    """All counts of a finished run, by population and size."""
    out: dict[tuple[str, int], Counter[str]] = {(each.id, n): Counter() for each in SCENARIOS for n in sizes}
    for task in tasks(sizes, studies):
        out[task[:2]].update(json.loads(_place(parts, task).read_text()))
    return out


def percent(count: int, studies: int) -> str:
    """A rate with its Monte Carlo standard error, in percent; where nothing, or all, was counted, the rule of three."""
    if count in (0, studies):
        return f"{100 * count // studies} ({'<' if count == 0 else '>'} {300 / studies if count == 0 else 100 - 300 / studies:.1f})"
    p = count / studies
    return f"{100 * p:.1f} ± {100 * np.sqrt(p * (1 - p) / studies):.1f}"


HEAD = ("population", "n", "false alarm", "needless caution", "miss", "only caution", "right", "improper model")


def table(found: dict[tuple[str, int], Counter[str]], studies: int = STUDIES) -> list[Sequence[str]]:
    """One line per population and size."""
    lines: list[Sequence[str]] = []
    for scenario in SCENARIOS:
        for n in [n for id, n in found if id == scenario.id]:
            one = found[scenario.id, n]
            shown = {key: percent(one[key], studies) for key in ("false alarm", "needless caution", "miss", "only caution", "right", "improper")}  # fmt: skip
            if not scenario.faulty:
                shown["miss"] = shown["only caution"] = "–"
            if len(scenario.faulty) == len(DIMENSIONS):
                shown["false alarm"] = shown["needless caution"] = "–"
            lines.append((scenario.words, str(n), *shown.values()))
    return lines


PAGE = """# The gate: how often is it wrong?

This page is written by `python -m benchmarks.gate`: {studies} simulated studies of each population and size, seed {seed}. Rates are
percentages of studies, ± the Monte Carlo standard error; where nothing (everything) was counted, the 95% bound in brackets.

Studies have five dimensions with four items each, loadings {loadings}, factors correlated {r}; "middling"
items load {middling}, as in many forms that were not chosen from a large pool. Latent answers are normal and
cut into seven points, unevenly, as satisfied customers answer; they are analysed as they are, from their covariances by
maximum likelihood (where it has the answers themselves, `validity()` takes the robust version, MLR).

- **False alarm**: a dimension that is sound is merged, or loses its score. In the population with r = .8 both are sound.
- **Needless caution**: a sound dimension is passed "with caution".
- **Miss**: a faulty dimension is passed without a word.
- **Only caution**: no faulty dimension is passed without a word, but one keeps its score "with caution".
- **Right**: faulty dimensions get the verdict that they must (merge; total only), and sound ones keep their scores.
- **Improper model**: the model of five factors was a Heywood case, had an impossible matrix of factors, or was not found.

{table}

Two factors with r = .9 lie on the line itself (`distinct` = .90), so that half of the studies must be told to merge, and nearly
all others must be told of the danger: the rate to look at is the miss. Two with r = .8 are sound, yet they share more variance (.64)
than their items share with them (AVE .60): the caution there is Fornell and Larcker's, and it grows surer with more answers.
Factors that are one (r = 1) give an impossible model in half of the studies, at any size; the verdict doesn't depend on it.

With 100 answers little is sure: middling items with sound factors are merged, or fall under the floor of omega, now and then, and
most get a caution. A chi-square difference that is not significant merges nothing, since with few answers it hardly ever is
significant: merging by it too made seven in ten of such studies of 100 a false alarm.

The lines drawn: {thresholds}

## Limits

Normal latent answers, equal numbers of items, independent respondents without weights, no method factors, and no cross-loadings:
misfit is not simulated, so cautions for poor fit are rarer here than in practice. Other lines give other rates; `validity()` takes
them as `thresholds`.
"""


def page(found: dict[tuple[str, int], Counter[str]], studies: int = STUDIES) -> str:
    """The whole page."""
    rows = [HEAD, ("---",) * len(HEAD), *table(found, studies)]
    loadings = ", ".join(f"{value:.2f}"[1:] for value in LOADINGS)
    return PAGE.format(studies=studies, seed=SEED, loadings=loadings, middling=", ".join(f"{value:.2f}"[1:] for value in MIDDLING), r=f"{CORRELATION:.1f}"[1:],
                       table="\n".join("| " + " | ".join(row) + " |" for row in rows),
                       thresholds=Thresholds().sentence("en").removeprefix("Lines drawn: "))  # fmt: skip


def main() -> None:
    """Simulates and writes the page."""
    root = Path(__file__).parents[1]
    parts, out = root / "build" / "gate", root / "docs" / "gate.md"
    run(parts)
    found = collected(parts)
    beside = out.with_suffix(".md.part")
    beside.write_text(page(found), encoding="utf-8")
    beside.replace(out)
    shutil.rmtree(parts)  # counts of another day's rules must not be taken for today's


if __name__ == "__main__":
    main()
