"""Drawing 100,000 of 10,000,000 units proportional to size against svy and samplics, in one run.

Each side runs in a process of its own, on the same list in memory, so that peak memory is its own. The time of samplics
grows with units times draws, so that it gets a list it can finish, and ours the same one once more.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import re
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd

from survey_design.sampling import SampleDesign
from survey_design.sampling.selection import draw

UNITS, DRAWN, ROUNDS, PATIENCE = 10_000_000, 100_000, 3, 300
SHORT_UNITS, SHORT_DRAWN = 50_000, 500
Drawn = tuple[np.ndarray, np.ndarray]


def units(N: int) -> pd.DataFrame:
    """A list of units with skewed sizes, none of them certain."""
    size = np.random.default_rng(6).lognormal(3.0, 0.8, N)
    return pd.DataFrame({"unit": np.arange(N), "size": size})


def ours(frame: pd.DataFrame, n: int) -> Callable[[], Drawn]:
    """From the list to the drawn rows with probabilities, weights and design."""

    def work() -> Drawn:
        sample = draw(frame, SampleDesign(), n, method="pps", size="size", seed=1)
        return sample.frame["unit"].to_numpy(), sample.frame["inclusion_probability"].to_numpy()

    return work


def by_samplics(frame: pd.DataFrame, n: int) -> Callable[[], Drawn]:
    """The same with samplics, arrays in and arrays out: its shortest way."""
    from samplics import SampleSelection, SelectMethod

    unit, size = frame["unit"].to_numpy(), frame["size"].to_numpy()

    def work() -> Drawn:
        selection = SampleSelection(method=SelectMethod.pps_sys, wr=False)
        chosen, _, probability = selection.select(samp_unit=unit, samp_size=n, mos=size)
        return unit[chosen], probability[chosen]

    return work


def by_svy(frame: pd.DataFrame, n: int) -> Callable[[], Drawn]:
    """The same with svy, from its own kind of table."""
    import polars as pl
    import svy

    data = pl.from_pandas(frame)
    fresh = iter(
        [svy.Sample(data=data, design=svy.Design(mos="size")) for _ in range(ROUNDS)]
    )  # a draw changes its sample

    def work() -> Drawn:
        table = next(fresh).sampling.pps_sys(n, prob_name="probability", rstate=1).data
        return table["unit"].to_numpy(), table["probability"].to_numpy()

    return work


PEERS = {"ours": ours, "samplics": by_samplics, "svy": by_svy}


def peak(*, anew: bool = False) -> float:
    """Largest memory of this process so far, in MB; ``anew`` begins with what is held now (Linux)."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def measured(name: str, N: int, n: int, answer: Connection) -> None:
    """Sends times, memory above that of the list, and what was drawn, or the error."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            work = PEERS[name](units(N), n)
            before, times = peak(anew=True), []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                drawn, pi = work()
                times.append(time.perf_counter() - start)
            after = peak()
        except Exception as error:  # a peer that is absent or fails is a line of the table
            answer.send(f"{type(error).__name__}: {error}")
            return
    answer.send((min(times), after - before, drawn, pi))


def one(name: str, N: int, n: int) -> tuple[float, float, np.ndarray, np.ndarray] | str:
    """Runs one side in a fresh process, and ends it where it takes too long."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=measured, args=(name, N, n, there))
    process.start()
    there.close()
    answer = here.recv() if here.poll(PATIENCE) else f"not ready after {PATIENCE} s"
    process.terminate()
    process.join()
    return answer


def line(name: str, N: int, n: int, taken: dict[str, float]) -> str:
    """Time, memory, sample size and correctness of the stated probabilities of one side."""
    found = one(name, N, n)
    if isinstance(found, str):
        return f"{n:,} of {N:,} by size, {name}: {found}"
    taken[name], memory, drawn, pi = found
    size = units(N)["size"].to_numpy()
    off = np.abs(pi / (n * size[drawn] / size.sum()) - 1).max()
    return (f"{n:,} of {N:,} by size, {name}: {taken[name]:.3f} s, {memory:,.0f} MB above the list, "
            f"{len(np.unique(drawn)):,} different units, probabilities off by {off:.0e}")  # fmt: skip


def against_peers() -> str:
    """The long list against svy, a short one against samplics."""
    lines = []
    for peer, N, n in (("svy", UNITS, DRAWN), ("samplics", SHORT_UNITS, SHORT_DRAWN)):
        taken: dict[str, float] = {}
        lines += [line(name, N, n, taken) for name in ("ours", peer)]
        if len(taken) == 2:
            lines.append(f"ours / {peer}: {taken['ours'] / taken[peer]:.3f}x; target <= 1.2x")
    return "\n".join(lines)


if __name__ == "__main__":
    print(against_peers())
