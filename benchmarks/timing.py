"""How two things are timed against each other: in turn, in one run, as a ratio.

Single times depend on the machine and its mood; ratios of interleaved runs do so much less. Every line shows the
median ratio of the pairs, their range, and the ratio of the two best times, which a busy machine disturbs least. The
targets are goals of the design, not assertions.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np


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
    """One printed line: the median ratio ours / theirs with its range, the ratio of the best times, and the target."""
    ratios = ours / theirs
    return (
        f"{name}: {np.median(ratios):.3g}x ({ratios.min():.3g}-{ratios.max():.3g}), best against best "
        f"{ours.min() / theirs.min():.3g}x ({1000 * ours.min():.0f} ms / {1000 * theirs.min():.0f} ms); target {target}"
    )
