"""``python -m benchmarks.raking``: one million rows raked to six margins, beside other packages, in one run.

Each side rakes the same rows with the same unequal base weights to the same totals, and is asked for a distance of 1e-8
(ours goes on to 1e-12). Rows lie in the table each package takes; reading them into it is not counted. Every side is
run in a fresh process for its peak memory, and then in turn for its time. The table is the one in ``docs/raking.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from survey_design.calibration import rake
from survey_design.sampling.design import SampleDesign

ROWS, ROUNDS, SEED = 1_000_000, 5, 7
SLOW = 20.0  # seconds after which a side is run once only
LEVELS = {"tier": 4, "region": 6, "sex": 2, "age": 6, "visit": 3, "format": 4}
WEIGHT = SampleDesign(weight="base")
Totals = Mapping[str, Mapping[str, float]]


def study(rows: int, seed: int = SEED) -> tuple[pd.DataFrame, Totals]:
    """Rows with six columns of words and a base weight, and totals that differ from what the base weights give."""
    generator = np.random.default_rng(seed)
    frame, totals = {}, {}
    for name, k in LEVELS.items():
        labels = np.array([f"{name} {j}" for j in range(k)], dtype=object)
        shares = generator.dirichlet(np.full(k, 8.0))
        frame[name] = labels[generator.choice(k, rows, p=shares)]
        known = shares * generator.uniform(0.7, 1.4, k)
        totals[name] = dict(zip(labels.tolist(), (known / known.sum() * 20 * rows).tolist(), strict=True))
    return pd.DataFrame(frame).assign(base=generator.uniform(5, 35, rows)), totals


def ours(frame: pd.DataFrame, totals: Totals) -> Callable[[], np.ndarray]:
    return lambda: rake(frame, WEIGHT, totals).weights.to_numpy()


def ours_categories(frame: pd.DataFrame, totals: Totals) -> Callable[[], np.ndarray]:
    coded = frame.astype(dict.fromkeys(LEVELS, "category"))
    return lambda: rake(coded, WEIGHT, totals).weights.to_numpy()


def by_svy(frame: pd.DataFrame, totals: Totals) -> Callable[[], np.ndarray]:
    import polars as pl
    import svy

    data = pl.from_pandas(frame)

    def work() -> np.ndarray:
        sample = svy.Sample(data=data, design=svy.Design(wgt="base"))
        raked = sample.weighting.rake(controls=totals, wgt_name="raked", tol=1e-8, max_iter=1000)
        return raked.data["raked"].to_numpy()

    return work


def by_samplics(frame: pd.DataFrame, totals: Totals) -> Callable[[], np.ndarray]:
    from samplics.weighting import SampleWeight

    margins = {name: frame[name].to_numpy() for name in LEVELS}

    def work() -> np.ndarray:
        return SampleWeight().rake(frame["base"].to_numpy(), margins, totals, tol=1e-8, ctrl_tol=1e-8, max_iter=1000)

    return work


def by_weightipy(frame: pd.DataFrame, totals: Totals) -> Callable[[], np.ndarray]:
    """Takes no base weights: rows are raked from equal ones, so its weights are another answer."""
    import weightipy

    percent = {
        name: {label: 100 * total / sum(known.values()) for label, total in known.items()}
        for name, known in totals.items()
    }
    scheme = weightipy.scheme_from_dict(percent, rim_params={"convcrit": 1e-8, "max_iterations": 1000})
    return lambda: weightipy.weight_dataframe(frame, scheme)["weights"].to_numpy()


SIDES = {"this package": ours, "this package, columns as categories": ours_categories, "svy": by_svy, "samplics": by_samplics,
         "weightipy (no base weights)": by_weightipy}  # fmt: skip
PACKAGE = {"svy": "svy", "samplics": "samplics", "weightipy (no base weights)": "weightipy"}


def missed(frame: pd.DataFrame, totals: Totals, weights: np.ndarray) -> float:
    """Largest distance from a share of the population, relative."""
    shares = weights / weights.sum()
    found = []
    for name, known in totals.items():
        reached = pd.Series(shares).groupby(frame[name].to_numpy()).sum()
        wanted = pd.Series(known) / sum(known.values())
        found.append(float((reached / wanted - 1).abs().max()))
    return max(found)


def _quiet(make: Callable[..., Any], *given: Any) -> Any:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return make(*given)


def _peak(reset: bool = False) -> float:
    """MiB of the largest resident size so far (Linux), or since it was reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _memory(name: str, rows: int, out: Any) -> None:
    """What raking adds to a fresh process that holds the data and the packages."""
    frame, totals = study(rows)
    work = _quiet(SIDES[name], frame, totals)
    before = _peak(reset=True)
    _quiet(work)
    out.put(_peak() - before)


def memory(name: str, rows: int) -> float:
    """MiB that raking adds to the process."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=_memory, args=(name, rows, out))
    process.start()
    found = out.get()
    process.join()
    return float(found)


def table(rows: int, rounds: int) -> str:
    """The table in Markdown: time, ratio to ours, memory, and how well the margins are met."""
    frame, totals = study(rows)
    names = [name for name in SIDES if name not in PACKAGE or find_spec(PACKAGE[name])]
    works = {name: _quiet(SIDES[name], frame, totals) for name in names}
    weights: dict[str, np.ndarray] = {}
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name, work in works.items():
            if turn and times[name][0] >= SLOW:
                continue
            start = time.perf_counter()
            weights[name] = _quiet(work)
            taken = time.perf_counter() - start
            times[name] = [taken] if turn <= 1 else [*times[name], taken]  # the first turn warms up
    base = np.median(times["this package"])
    lines = ["| side | median time | beside ours | best time | memory | largest distance | weights as ours |",
             "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name in names:
        label = f"{name} {version(PACKAGE[name])}" if name in PACKAGE else name
        mine = weights["this package"]
        same = np.abs(weights[name] / weights[name].sum() * mine.sum() / mine - 1).max()
        agree = "no" if same > 1e-3 else f"to {same:.0e}"
        lines.append(f"| {label} | {1000 * np.median(times[name]):,.0f} ms | {np.median(times[name]) / base:.2f}x | "
                     f"{1000 * min(times[name]):,.0f} ms | {memory(name, rows):,.0f} MiB | {missed(frame, totals, weights[name]):.0e} | "
                     f"{agree} |")  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    sys.stdout.write(f"{asked.rows:,} rows, {len(LEVELS)} margins, seed {SEED}, median of {asked.rounds}.\n\n")
    sys.stdout.write(table(asked.rows, asked.rounds) + "\n")
