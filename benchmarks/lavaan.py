"""Ordered answers and the ladder beside R's lavaan, on the same answers and machine, in one run.

R is looked for, not installed: without it, or without its package lavaan, our own times are printed alone. Its times are
taken inside of R, so that neither its start nor the reading of the file counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.confirmatory import ITEMS, MODEL, RESPONDENTS, answers
from benchmarks.timing import seconds
from servqual import Instrument, load_instrument, read_responses
from servqual.cfa import confirm_factors
from servqual.invariance import invariance

ORDERED, GROUPS = 100_000, 5
LADDER = ("configural", "metric", "scalar", "strict")
_PROGRAM = """
suppressMessages(library(lavaan))
asked <- commandArgs(trailingOnly = TRUE)
answers <- read.csv(asked[1]); syntax <- asked[2]
taken <- function(work) { start <- proc.time()[["elapsed"]]; found <- work(); list(proc.time()[["elapsed"]] - start, found) }
if (asked[3] == "ordered") {
  done <- taken(function() cfa(syntax, answers, ordered = TRUE, estimator = "WLSMV"))
  figures <- fitMeasures(done[[2]], "chisq.scaled")
} else {
  steps <- list("", "loadings", c("loadings", "intercepts"), c("loadings", "intercepts", "residuals"))
  done <- taken(function() lapply(steps, function(equal) cfa(syntax, answers, group = "group", group.equal = equal)))
  figures <- sapply(done[[2]], fitMeasures, "chisq")
}
cat(sprintf("[%.4f, [%s]]", done[[1]], paste(sprintf("%.6f", figures), collapse = ", ")))
"""


def instrument() -> Instrument:
    """The 22 perception items, named as in the model."""
    return load_instrument("servqual-22")


def by_lavaan(frame: pd.DataFrame, what: str) -> tuple[float, list[float]] | None:
    """Seconds and chi-squares of lavaan, or None where R has none."""
    if shutil.which("Rscript") is None:
        return None
    there = subprocess.run(
        ["Rscript", "-e", "quit(status = !requireNamespace('lavaan', quietly = TRUE))"],
        capture_output=True,
        check=False,
    )
    if there.returncode:
        return None
    syntax = "\n".join(f"{factor} =~ {' + '.join(items)}" for factor, items in MODEL.items())
    with tempfile.TemporaryDirectory() as folder:
        path, program = Path(folder, "answers.csv"), Path(folder, "program.R")
        frame.to_csv(path, index=False)
        program.write_text(_PROGRAM, encoding="utf-8")
        told = subprocess.run(
            ["Rscript", str(program), str(path), syntax, what], capture_output=True, text=True, check=True
        )
    time, figures = json.loads(told.stdout.strip().splitlines()[-1])
    return time, figures


def answered(values: np.ndarray, group: np.ndarray | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same answers for R (x0, x1, …) and under the instrument's own columns."""
    columns = list(instrument().columns("perception").values())
    theirs = pd.DataFrame(values.astype(int), columns=[f"x{k}" for k in range(sum(ITEMS))])
    ours = pd.DataFrame(values.astype(np.int8), columns=columns)
    return (theirs, ours) if group is None else (theirs.assign(group=group), ours.assign(group=group))


def _beside(name: str, own: float, mine: list[float], peer: tuple[float, list[float]] | None, target: str) -> str:
    if peer is None:
        return f"{name}: {own:.2f} s; lavaan not timed (no R, or none with lavaan); target {target}"
    apart = max(abs(one / other - 1) for one, other in zip(mine, peer[1], strict=True))
    return (
        f"{name}: {peer[0] / own:.0f} times faster than lavaan ({own:.2f} s / {peer[0]:.1f} s), chi-squares agree to "
        f"{apart:.0e}; target {target}"
    )


def ordered() -> str:
    """WLSMV of 22 ordered items, thresholds and polychorics included, from the answers to the result."""
    theirs, ours = answered(answers(ORDERED))
    responses = read_responses(ours, instrument())
    own = min(seconds(lambda: confirm_factors(responses, estimator="wlsmv")) for _ in range(3))
    chi2 = confirm_factors(responses, estimator="wlsmv").indices.chi2
    return _beside(f"WLSMV, 22 items, n = {ORDERED:,}", own, [chi2], by_lavaan(theirs, "ordered"), ">= 20 times")


def ladder() -> str:
    """Configural, metric, scalar and strict invariance of five groups, from the answers to the result."""
    values = np.concatenate([answers(RESPONDENTS // GROUPS, seed) for seed in range(GROUPS)])
    group = np.repeat(np.arange(GROUPS), RESPONDENTS // GROUPS)
    theirs, ours = answered(values, group)
    responses = read_responses(ours, instrument())
    own = min(seconds(lambda: invariance(responses, by="group", kind="pearson", partial=False)) for _ in range(3))
    frame = invariance(responses, by="group", kind="pearson", partial=False).to_frame().set_index("step")
    mine = [float(frame["chi2"][step]) for step in LADDER]
    return _beside(
        f"four-step ladder, {GROUPS} groups, n = {RESPONDENTS:,}", own, mine, by_lavaan(theirs, "ladder"), ">= 20 times"
    )


if __name__ == "__main__":
    for work in (ordered, ladder):
        print(work())
