"""``python -m benchmarks``: time is given as a ratio of two things measured in turn in this run.

Single times depend on the machine and its mood; ratios of interleaved runs do so much less. Every line shows the
median ratio of the pairs, their range, and the ratio of the two best times, which a busy machine disturbs least. The targets are goals of the design, not assertions.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from servqual.moments import Moments, ScoreMap

RESPONDENTS, QUESTIONS, PAIRS = 1_000_000, 44, 15
HEAVY = ("matplotlib.pyplot", "statsmodels", "pingouin", "sklearn", "seaborn")


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call, after a pause: BLAS threads of the other side spin on for a while after it has ended."""
    time.sleep(0.2)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """(pairs,) times of both, measured in turn after one warm-up each."""
    ours(), theirs()
    times = np.array([(seconds(ours), seconds(theirs)) for _ in range(pairs)])
    return times[:, 0], times[:, 1]


def line(name: str, ours: np.ndarray, theirs: np.ndarray, target: str) -> str:
    """One printed line: the median ratio with its range, the ratio of the best times, and the target."""
    ratios = ours / theirs
    return (
        f"{name}: {np.median(ratios):.2f}x ({ratios.min():.2f}-{ratios.max():.2f}), best against best "
        f"{ours.min() / theirs.min():.2f}x ({1000 * ours.min():.0f} ms / {1000 * theirs.min():.0f} ms); target {target}"
    )


def moments_against_numpy() -> str:
    """Moments of int8 ratings against the bare chunked product that any summary of cross-products needs."""
    ratings = np.random.default_rng(1).integers(1, 8, (RESPONDENTS, QUESTIONS)).astype(np.int8)
    frame = pd.DataFrame(ratings, columns=[f"q{k}" for k in range(QUESTIONS)])
    score_map = ScoreMap.plain(list(frame.columns), 4.0)
    chunk = 65_536

    def bare() -> np.ndarray:
        total = np.zeros((QUESTIONS, QUESTIONS))
        for start in range(0, RESPONDENTS, chunk):
            block = ratings[start : start + chunk].astype(np.float32)
            total += block.T @ block
        return total

    exact = ratings.astype(np.int64)
    gram = Moments.from_frame(frame, score_map).total()[1 + QUESTIONS :, 1 + QUESTIONS :]
    if not np.array_equal(gram, (exact - 4).T @ (exact - 4)):
        raise SystemExit("moments differ from the exact integer product")
    ours, theirs = in_turn(lambda: Moments.from_frame(frame, score_map), bare, PAIRS)
    return line(f"moments of {RESPONDENTS:,} x {QUESTIONS} int8 / bare numpy float32 product", ours, theirs, "<= 1.5x")


def import_time() -> str:
    """What ``import servqual`` adds to numpy and pandas, in fresh processes, and what it loads."""
    code = (
        "import time, sys; import numpy, pandas; a = time.perf_counter(); import servqual; "
        f"print(time.perf_counter() - a, *[m for m in {HEAVY!r} if m in sys.modules])"
    )
    outputs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
               for _ in range(7)]  # fmt: skip
    times = np.array([float(output[0]) for output in outputs])
    loaded = ", ".join(sorted({name for output in outputs for name in output[1:]})) or "none of " + ", ".join(HEAVY)
    return f"import servqual over numpy + pandas: {np.median(times):.3f} s; target <= 0.15 s; loaded: {loaded}"


def sample_report() -> str:
    """The sample study's report from the command line, in a fresh process."""
    study = Path(__file__).parents[1] / "data" / "sample" / "study.toml"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "servqual.cli", "report", str(study), "--out", folder]
        taken = seconds(lambda: subprocess.run(command, capture_output=True, check=True))
    return f"sample report: {taken:.1f} s; target < 20 s"


def main() -> None:
    """Runs everything and prints one line each."""
    for bench in (moments_against_numpy, import_time, sample_report):
        print(bench(), flush=True)


if __name__ == "__main__":
    main()
