"""Scoring a million mystery visits of sixty items: beside one chunked matrix product, and beside pandas, in one run.

The answers are single bytes, 5% of them not applicable; four items are vetoes. The yardstick of the target is one chunked
product ``answers.T @ answers`` of the same bytes, turned into single precision chunk by chunk. It is timed in two ways: as
it is commonly written (chunks of 65,536 visits, the product on as many threads as BLAS takes), and as quick as we can make
it (the chunks of ``score_points``, two threads with one BLAS thread each, in memory that is used again). Neither writes more
than 60 x 60 numbers, while what comes of scoring fills 74 columns of a million: points earned and possible of 24 indicators,
the scores of categories and totals before and after vetoes and their coverage, and of the indicators that have a veto after
it. Scores of indicators are divided when they are read; what it takes to score and read all 96 columns is printed, too, and
so is the skinny ``answers @ points``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from benchmarks.timing import in_turn, line
from servqual.moments import one_blas_thread
from servqual.mystery.blocks import _CHUNK, score_points
from servqual.mystery.points import LEVELS, Answers, PointPlan, VisitPoints

VISITS, ITEMS, INDICATORS, CATEGORIES, STORES = 1_000_000, 60, 24, 6, 500
PAIRS, FEW_PAIRS, CHUNK, VETOES = 9, 3, 65_536, (3, 20, 40, 55)
TOTAL = """
import resource
from benchmarks.visits import whole
scores = whole()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(len(scores.frame), peak)
"""


def plan_and_answers(n: int = VISITS, seed: int = 1) -> tuple[PointPlan, Answers]:
    """Sixty items in 24 indicators of six categories, the last of which is a module scored apart."""
    generator = np.random.default_rng(seed)
    indicator = np.arange(ITEMS) * INDICATORS // ITEMS
    category = np.arange(INDICATORS) * CATEGORIES // INDICATORS
    group = np.r_[np.zeros(CATEGORIES - 1, dtype=int), 1]
    size = np.bincount(group[category])
    veto = np.isin(np.arange(ITEMS), VETOES)
    plan = PointPlan(
        generator.integers(1, 6, ITEMS).astype(float), indicator, category, group, 1 / size[group[category]], veto,
        np.full((ITEMS, 3), np.inf),
    )  # fmt: skip
    values = (generator.random((n, ITEMS), dtype=np.float32) < np.where(veto, 0.98, 0.85)).astype(np.int8)
    values[generator.random((n, ITEMS), dtype=np.float32) < 0.05] = -1
    return plan, Answers(values)


def by_pandas(plan: PointPlan, shares: pd.DataFrame) -> pd.Series:
    """Totals after vetoes as one would write them with whole columns of a DataFrame."""
    scores = {}
    for k in range(len(plan.category)):
        own = np.flatnonzero(plan.indicator == k).tolist()
        points = pd.Series(plan.points[own], index=own)
        answers = shares[own]
        score = 100 * answers.mul(points).sum(axis=1) / answers.notna().mul(points).sum(axis=1)
        struck = [name for name in own if plan.veto[name]]
        scores[k] = score.mask(answers[struck].eq(0).any(axis=1) & score.notna(), 0.0) if struck else score
    table = pd.DataFrame(scores)
    base = table.columns[plan.group[plan.category] == 0]
    weight = pd.Series(plan.weight, index=table.columns)[base]
    return table[base].mul(weight).sum(axis=1) / table[base].notna().mul(weight).sum(axis=1)


def whole() -> object:
    """``score_visits`` of all of them: every score, item and interval, with stores as clusters."""
    from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
    from servqual.mystery.scores import score_visits
    from servqual.mystery.visits import VisitLedger, Visits
    from survey_design.sampling import SampleDesign

    plan, answers = plan_and_answers()
    each = INDICATORS // CATEGORIES
    checklist = Checklist(
        "bench", "1", {"en": "bench"},
        tuple(Category(f"c{c}", {"en": f"c{c}"}, 0.2, "apart" if plan.group[c] else "") for c in range(CATEGORIES)),
        tuple(Indicator(f"k{k}", {"en": f"k{k}"}, f"c{plan.category[k]}", 1 / each) for k in range(INDICATORS)),
        tuple(ChecklistItem(f"q{j}", {"en": f"q{j}"}, f"k{plan.indicator[j]}", points=plan.points[j], veto=bool(plan.veto[j]))
              for j in range(ITEMS)),
        languages=("en",),
    )  # fmt: skip
    frame = pd.DataFrame({"visit": np.arange(VISITS), "store": np.arange(VISITS) % STORES, "flags": ""})
    rows = [("rows", "read", VISITS), ("rows", "kept", VISITS), ("answers", "asked", 0), ("answers", "given", 0)]
    ledger = VisitLedger(pd.DataFrame(rows, columns=["part", "step", "n"]))
    none = pd.DataFrame()
    return score_visits(Visits(frame, checklist, answers, SampleDesign(clusters="store"), none, none, ledger))


def visits_against_numpy() -> str:
    """Indicators, categories and totals before and after vetoes, with coverage, against the chunked products."""
    plan, answers = plan_and_answers()
    matrix, values = plan.matrix.astype(np.float32), answers.values

    def ours() -> VisitPoints:
        return score_points(plan, answers)

    def ours_and_read() -> float:
        found = ours()
        kinds = (found.raw, found.final, found.coverage)
        levels = [(level, place) for level, size in zip(LEVELS, plan.sizes, strict=True) for place in range(size)]
        return sum(float(kind.column(*each)[-1]) for kind in kinds for each in levels)

    def gram() -> np.ndarray:
        total = np.zeros((ITEMS, ITEMS))
        for start in range(0, VISITS, CHUNK):
            block = values[start : start + CHUNK].astype(np.float32)
            total += block.T @ block
        return total

    def part(starts: range) -> np.ndarray:
        total, room = np.zeros((ITEMS, ITEMS)), np.empty((_CHUNK, ITEMS), dtype=np.float32)
        for start in starts:
            block = room[: min(_CHUNK, VISITS - start)]
            block[:] = values[start : start + _CHUNK]
            total += block.T @ block
        return total

    def quickest_gram() -> np.ndarray:
        with one_blas_thread(), ThreadPoolExecutor(2) as pool:
            return sum(pool.map(part, (range(k * _CHUNK, VISITS, 2 * _CHUNK) for k in range(2))))

    def skinny() -> np.ndarray:
        out = np.empty((VISITS, INDICATORS), dtype=np.float32)
        for start in range(0, VISITS, CHUNK):
            out[start : start + CHUNK] = values[start : start + CHUNK].astype(np.float32) @ matrix
        return out

    if not np.array_equal(gram(), quickest_gram()):
        raise SystemExit("the two products differ")
    named, product = f"scores of {VISITS:,} visits x {ITEMS} items", "one chunked product answers.T @ answers"
    return "\n".join([
        line(f"{named} / {product}", *in_turn(ours, gram, PAIRS), "<= 3x"),
        line(f"{named} / {product}, in our chunks on our two threads", *in_turn(ours, quickest_gram, PAIRS), "<= 3x"),
        line(f"{named}, all 96 columns read / {product}", *in_turn(ours_and_read, gram, PAIRS), "for information"),
        line(f"{named} / answers @ points", *in_turn(ours, skinny, PAIRS), "for information"),
    ])  # fmt: skip


def visits_against_pandas() -> str:
    """The same totals from whole columns of a DataFrame; refused where they differ."""
    plan, answers = plan_and_answers()
    shares = pd.DataFrame(answers.shares)
    found, expected = score_points(plan, answers).final.total[:, 0], by_pandas(plan, shares).to_numpy()
    if not np.allclose(found, expected, atol=1e-9, equal_nan=True):
        raise SystemExit("totals differ from those of pandas")
    ours, theirs = in_turn(lambda: score_points(plan, answers), lambda: by_pandas(plan, shares), FEW_PAIRS)
    return line(f"scores of {VISITS:,} visits x {ITEMS} items / vectorised pandas, totals alone", ours, theirs, "< 1x")


def visits_memory() -> str:
    """Peak memory of the whole table with its intervals, in a fresh process."""
    done = subprocess.run([sys.executable, "-c", TOTAL], capture_output=True, text=True, check=True)
    rows, peak = done.stdout.split()
    return f"score_visits of {VISITS:,} visits x {ITEMS} items in {STORES} stores, {rows} rows: peak {float(peak):.2f} GB; target < 4 GB"


def benches() -> list[Callable[[], str]]:
    """The lines of this chapter."""
    return [visits_against_numpy, visits_against_pandas, visits_memory]


if __name__ == "__main__":
    for bench in benches():
        print(bench(), flush=True)
    print(f"peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
