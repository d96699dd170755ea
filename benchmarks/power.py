"""What repeating a study costs beside simulating and analysing it once: the overhead of sharing out, processes and counting.

Wall time says so only where nothing else runs; processor time, printed beside it, also where something does.
"""

from __future__ import annotations

import os
import resource
import time

import numpy as np

from servqual.moments import one_blas_thread
from servqual.power import GapsFound, study_power
from servqual.simulate import DEFAULT_TRUTH, Fieldwork, simulate_study

REPLICATES, SINGLES = 1000, 40


def once() -> np.ndarray:
    """(wall, processor) seconds of one study, simulated and analysed: medians of several."""
    find, times = GapsFound(), []
    with one_blas_thread():
        for seed in range(SINGLES // 2):
            start = time.perf_counter(), time.process_time()
            find(simulate_study(DEFAULT_TRUTH, seed, fieldwork=Fieldwork()))
            times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return np.median(times, axis=0)


def processor_seconds() -> float:
    """Of this process and of those it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def against_single_studies() -> str:
    """A study's power over that of as many single studies, timed before and after, on all cores."""
    once()
    before = once()
    start, used = time.perf_counter(), processor_seconds()
    study_power(DEFAULT_TRUTH, Fieldwork(), seed=1, replicates=REPLICATES)
    wall, used = time.perf_counter() - start, processor_seconds() - used
    single, cores = (before + once()) / 2, len(os.sched_getaffinity(0))
    return (
        f"power of a study, {REPLICATES:,} replicates on {cores} cores: {wall:.0f} s; one study {1000 * single[0]:.0f} ms; wall "
        f"time over {REPLICATES:,} x one / {cores}: {wall * cores / (REPLICATES * single[0]):.2f}; target <= 1.5; processor time "
        f"over {REPLICATES:,} x one: {used / (REPLICATES * single[1]):.2f}"
    )


if __name__ == "__main__":
    print(against_single_studies())
