"""``python -m benchmarks``: what the design promises about speed and memory, measured beside something else in one run.

``python -m benchmarks tables designs`` runs some of the chapters only.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.timing import in_turn, line, seconds
from servqual.moments import Moments, ScoreMap

RESPONDENTS, QUESTIONS, PAIRS = 1_000_000, 44, 15
HEAVY = ("matplotlib.pyplot", "statsmodels", "pingouin", "sklearn", "seaborn")


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
        "import time, sys; import numpy, pandas; a = time.perf_counter(); import servqual; b = time.perf_counter(); "
        "all(getattr(servqual, name) for name in servqual.__all__); c = time.perf_counter(); "
        f"print(b - a, c - a, *[m for m in {HEAVY!r} if m in sys.modules])"
    )
    outputs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
               for _ in range(7)]  # fmt: skip
    face, whole = np.median([[float(seconds) for seconds in output[:2]] for output in outputs], axis=0)
    loaded = ", ".join(sorted({name for output in outputs for name in output[2:]})) or "none of " + ", ".join(HEAVY)
    return (
        f"import servqual over numpy + pandas: {face:.3f} s, with every name of it used {whole:.3f} s; target <= 0.15 s; "
        f"loaded: {loaded}"
    )


def sample_report() -> str:
    """The sample study's report from the command line, in a fresh process."""
    study = Path(__file__).parents[1] / "data" / "sample" / "study.toml"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "servqual.cli", "report", str(study), "--out", folder]
        taken = seconds(lambda: subprocess.run(command, capture_output=True, check=True))
    return f"sample report: {taken:.1f} s; target < 20 s"


def _core() -> list[Callable[[], str]]:
    return [moments_against_numpy, import_time, sample_report]


def _tables() -> list[Callable[[], str]]:
    from benchmarks.tables import plain, same_as_numpy, with_replicates

    return [same_as_numpy, with_replicates, plain]


def _designs() -> list[Callable[[], str]]:
    from benchmarks.designs import against_peers

    return [against_peers]


def _streams() -> list[Callable[[], str]]:
    from benchmarks.streams import twenty_million

    return [twenty_million]


def _selection() -> list[Callable[[], str]]:
    from benchmarks.selection import against_peers

    return [against_peers]


def _raking() -> list[Callable[[], str]]:
    from benchmarks.raking import ROUNDS, ROWS, table

    return [lambda: f"raking {ROWS:,} rows to six margins; target: within 1.2x of the best\n{table(ROWS, ROUNDS)}"]


def _power() -> list[Callable[[], str]]:
    from benchmarks.power import against_single_studies

    return [against_single_studies]


def _polychoric() -> list[Callable[[], str]]:
    from benchmarks.polychoric import against_ordinalcorr

    return [against_ordinalcorr]


def _exploratory() -> list[Callable[[], str]]:
    from benchmarks.exploratory import PAIRS, ROWS, alone, answers, compare_counts, compare_solutions

    data = answers(ROWS)
    works = (lambda: compare_solutions(data, PAIRS), lambda: compare_counts(data, PAIRS), lambda: alone(data))
    return [lambda work=work: _printed(work) for work in works]  # type: ignore[misc]


def _confirmatory() -> list[Callable[[], str]]:
    from benchmarks.confirmatory import a_million, against_semopy
    from benchmarks.lavaan import ladder, ordered

    return [against_semopy, ordered, ladder, a_million]


def _visits() -> list[Callable[[], str]]:
    from benchmarks.dependability import against_mixedlm
    from benchmarks.visits import benches

    return [*benches(), against_mixedlm]


def _roster() -> list[Callable[[], str]]:
    from benchmarks.roster import timed

    return [lambda: "rosters of 500 stores: seconds, visits, open, least, cost, bound, gap\n" + "\n".join(timed())]


def _drivers() -> list[Callable[[], str]]:
    from benchmarks.drivers import against_loop

    return [against_loop]


def _chances() -> list[Callable[[], str]]:
    from benchmarks.chances import speed

    return [speed]


def _printed(work: Callable[[], None]) -> str:
    """The lines that a bench prints itself."""
    said = io.StringIO()
    with redirect_stdout(said):
        work()
    return said.getvalue().rstrip()


CHAPTERS: Mapping[str, Callable[[], list[Callable[[], str]]]] = {
    "core": _core,
    "tables": _tables,
    "designs": _designs,
    "streams": _streams,
    "selection": _selection,
    "raking": _raking,
    "power": _power,
    "polychoric": _polychoric,
    "exploratory": _exploratory,
    "confirmatory": _confirmatory,
    "visits": _visits,
    "roster": _roster,
    "drivers": _drivers,
    "chances": _chances,
}


def main(wanted: list[str]) -> None:
    """Runs the chapters asked for, or all, and prints their lines."""
    unknown = sorted(set(wanted) - set(CHAPTERS))
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: choose from {', '.join(CHAPTERS)}")
    for name in wanted or CHAPTERS:
        for bench in CHAPTERS[name]():
            print(bench(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
