"""Drivers with 2,000 clustered replicates, from moments, against a plain loop over resampled rows, in one run.

Both sides resample the same stores and compute the same shares: Shapley's of 15 drivers, Johnson's of 22. The loop is what an
analyst writes: draw stores, stack their rows, correlate, then fit every sub-model (Shapley) or take the square root of the
correlations (Johnson). It is timed on 20 replicates and scaled to 2,000; the other side does all 2,000, reading the rows and the
checks included. A loop over Johnson's shares of a few thousand rows is quick itself (an eigenvalue problem a replicate, on both
sides), so there is less to gain than where rows are many.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from benchmarks.timing import seconds
from servqual import Bootstrap, SampleDesign
from servqual.drivers import drivers
from servqual.moments import one_blas_thread

STORES, REPLICATES, LOOPED = 60, 2_000, 20
SIZES = (2_000, 100_000)
CASES = (("shapley", 15), ("johnson", 22))


def study(n: int, p: int) -> pd.DataFrame:
    """Seven-point answers of n customers in 60 stores, and an outcome."""
    rng = np.random.default_rng(1)
    store = np.arange(n) % STORES
    mood = rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=STORES)[store, None]
    items = np.clip(np.rint(5 + mood + rng.normal(size=(n, p))), 1, 7)
    outcome = np.clip(np.rint(items @ (0.8 ** np.arange(p)) / 5 + rng.normal(size=n)), 1, 7)
    return pd.DataFrame(items, columns=names(p)).assign(y=outcome, store=store)


def names(p: int) -> list[str]:
    return [f"x{k}" for k in range(p)]


def by_moments(frame: pd.DataFrame, method: str, p: int) -> np.ndarray:
    found = drivers(frame, outcome="y", drivers=names(p), method=method, design=SampleDesign(clusters="store"),
                    interval=Bootstrap(REPLICATES, seed=1))  # fmt: skip
    return found.frame[["importance", "se"]].to_numpy()


def by_loop(frame: pd.DataFrame, method: str, p: int, replicates: int) -> np.ndarray:
    """(replicates, p) shares of resampled stores, one after the other."""
    rng, values = np.random.default_rng(2), frame[[*names(p), "y"]].to_numpy()
    parts = [values[frame["store"].to_numpy() == store] for store in range(STORES)]
    kernel = {"shapley": shapley, "johnson": johnson}[method]
    out = []
    for _ in range(replicates):
        rows = np.concatenate([parts[store] for store in rng.integers(0, STORES, STORES - 1)])
        whole = np.corrcoef(rows, rowvar=False)
        out.append(kernel(whole[:-1, :-1], whole[:-1, -1]))
    return np.array(out)


def one_thread(frame: pd.DataFrame, method: str, p: int) -> np.ndarray:
    """The loop on one BLAS thread: small products on several wait for each other, which would flatter us."""
    with one_blas_thread():
        return by_loop(frame, method, p, LOOPED)


def shapley(between: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Every sub-model solved by itself."""
    p = len(shared)
    r2 = {(): 0.0}
    for size in range(1, p + 1):
        for inside in combinations(range(p), size):
            own = shared[list(inside)]
            r2[inside] = float(own @ np.linalg.solve(between[np.ix_(inside, inside)], own))
    shares = np.zeros(p)
    for inside, value in r2.items():
        size, member = len(inside), set(inside)
        for k in range(p):
            shares[k] += value / (p * comb(p - 1, size - 1)) if k in member else -value / (p * comb(p - 1, size))
    return shares


def johnson(between: np.ndarray, shared: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(between)
    root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
    return root**2 @ np.linalg.solve(root, shared) ** 2


def against_loop() -> str:
    lines, ours_all, theirs_all = [], 0.0, 0.0
    for n in SIZES:
        for method, p in CASES:
            frame = study(n, p)
            ours = min(seconds(lambda f=frame, m=method, k=p: by_moments(f, m, k)) for _ in range(2))
            looped: list[np.ndarray] = []
            theirs = (
                seconds(lambda f=frame, m=method, k=p, out=looped: out.append(one_thread(f, m, k)))
                * REPLICATES
                / LOOPED
            )
            found = by_moments(frame, method, p)
            off = np.abs(looped[0].mean(axis=0) - found[:, 0]).max() / found[:, 1].max()
            ours_all, theirs_all = ours_all + ours, theirs_all + theirs
            lines.append(f"{method}, {p} drivers, n = {n:,}, {STORES} stores: {ours:.1f} s for {REPLICATES:,} replicates against {theirs:.0f} s "
                         f"(20 timed, x {REPLICATES // LOOPED}): {theirs / ours:.0f} times; mean of the 20 within {off:.1f} SE")  # fmt: skip
    lines.append(f"all together: {theirs_all / ours_all:.0f} times; target >= 50")
    return "\n".join(lines)


if __name__ == "__main__":
    print(against_loop())
