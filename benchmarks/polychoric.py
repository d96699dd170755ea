"""Polychoric correlations of 22 seven-point items against ordinalcorr, in one run, at two sizes of study.

Every pair is estimated by ``ordinalcorr`` in a process of its own, on the same answers.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import seconds
from servqual.polychorics import PairCounts, PolychoricFit, fit_polychorics

ITEMS, POINTS = 22, 7
FEW, MANY = 2_000, 1_000_000
ROUNDS = 15
PROGRAM = """
import sys, time, json
import numpy as np
from ordinalcorr import polychoric
answers = np.load(sys.argv[1])
k = answers.shape[1]
pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    found = [float(polychoric(answers[:, i], answers[:, j])) for i, j in pairs]
    times.append(time.perf_counter() - start)
print(json.dumps([times, found]))
"""


def ratings(n: int, seed: int = 1) -> np.ndarray:
    """(n, 22) answers in five correlated dimensions, most of them above the middle."""
    generator = np.random.default_rng(seed)
    general = generator.normal(size=(n, 1))
    dimension = generator.normal(size=(n, 5))[:, np.arange(ITEMS) % 5]
    latent = 0.6 * general + 0.5 * dimension + 0.62 * generator.normal(size=(n, ITEMS))
    return np.digitize(latent, np.array([-2.2, -1.6, -1.0, -0.3, 0.4, 1.2])).astype(np.int8) + 1


def counted(answers: np.ndarray) -> PairCounts:
    return PairCounts.of(answers, [f"q{j}" for j in range(ITEMS)], 1, POINTS)


def by_ordinalcorr(answers: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and correlations of the peer."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.npy"
        np.save(path, answers)
        command = [sys.executable, "-c", PROGRAM, str(path), str(rounds)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    times, found = json.loads(done.stdout)
    return np.array(times), np.array(found)


def _timed(counts: PairCounts) -> tuple[np.ndarray, PolychoricFit]:
    fit = fit_polychorics(counts)
    return np.array([seconds(lambda: fit_polychorics(counts)) for _ in range(ROUNDS)]), fit


def against_ordinalcorr() -> str:
    """Counting and estimating at both sizes, with standard errors; the peer at the smaller, without them."""
    few, many = ratings(FEW), ratings(MANY)
    counts, large = counted(few), counted(many)
    count_few, count_many = (min(seconds(lambda each=each: counted(each)) for _ in range(5)) for each in (few, many))
    own, fit = _timed(counts)
    own_many, _ = _timed(large)
    lines = [
        f"22 x 22 polychorics with SEs: counting {1000 * count_few:.1f} ms + estimating {1000 * np.median(own):.1f} ms at n = {FEW:,}; "
        f"{1000 * count_many:.0f} ms + {1000 * np.median(own_many):.1f} ms at n = {MANY:,}: "
        f"{np.median(own_many) / np.median(own):.2f}x once counted; target <= 2x"
    ]
    times, found = by_ordinalcorr(few, 5)
    apart = np.abs(fit.correlation[np.triu_indices(ITEMS, 1)] - found).max()
    whole = np.median(own) + count_few
    lines.append(
        f"against ordinalcorr's polychoric() for every pair, n = {FEW:,}: {np.median(times) / whole:.0f} times faster, counting included "
        f"({1000 * whole:.1f} ms / {1000 * np.median(times):.0f} ms); largest difference {apart:.0e}; target >= 15 times"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    print(against_ordinalcorr())
