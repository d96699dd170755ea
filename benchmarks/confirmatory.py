"""A five-factor model of 22 items with standard errors against semopy, and what a million respondents cost.

semopy runs in a process of its own on one BLAS thread, as ours does, and its time is taken inside of it, on the same
answers and machine, in this run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.timing import seconds
from servqual.cfa import Sample, fit_indices, fit_ml, plan_model, start_values
from servqual.cfa.robust import robust_ml
from servqual.cfa.standardised import standardise
from servqual.moments import one_blas_thread

ITEMS, RESPONDENTS, ROUNDS = (4, 5, 4, 4, 5), 2_000, 15
MODEL = {f"f{j}": [f"x{sum(ITEMS[:j]) + i}" for i in range(size)] for j, size in enumerate(ITEMS)}
NAMES = [item for items in MODEL.values() for item in items]

_SEMOPY = """
import json, sys, time, warnings
import pandas as pd, semopy
warnings.simplefilter("ignore")
data, syntax, rounds = pd.read_csv(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def work():
    model = semopy.Model(syntax)
    model.fit(data)
    return model, model.inspect(std_est=False)
work()
times = []
for _ in range(rounds):
    start = time.perf_counter()
    model, table = work()
    times.append(time.perf_counter() - start)
loads = table[table["op"] == "~"]
print(json.dumps({"times": times, "chi2": float(semopy.calc_stats(model)["chi2"].iloc[0]),
                  "loadings": dict(zip(loads["lval"], loads["Estimate"].astype(float)))}))
"""


def answers(n: int, seed: int = 1) -> np.ndarray:
    """(n, 22) answers from five correlated factors, on seven points."""
    rng = np.random.default_rng(seed)
    factors = rng.multivariate_normal(np.zeros(5), np.full((5, 5), 0.5) + 0.5 * np.eye(5), n)
    latent = np.repeat(factors, ITEMS, axis=1) * rng.uniform(0.6, 0.9, sum(ITEMS)) + 0.6 * rng.normal(
        size=(n, sum(ITEMS))
    )
    return np.clip(np.round(4 + 1.3 * latent), 1, 7)


def sample(values: np.ndarray) -> Sample:
    """Covariance and means of the rows."""
    return Sample(np.cov(values.T, bias=True), len(values), values.mean(axis=0))


def fit(moments: Sample) -> tuple[float, np.ndarray, np.ndarray]:
    """Model, start, estimates, standard errors and all fit indices, from the covariances."""
    table, own = plan_model(MODEL, NAMES), Sample(moments.covariance, moments.n)
    with one_blas_thread():
        solution = fit_ml(table, [own], start_values(table, [own]))
        errors = np.sqrt(solution.covariance.diagonal())
        return fit_indices(solution).chi2, solution.matrices[0].loadings, errors


def _from_answers(values: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    with one_blas_thread():
        return fit(sample(values))


def against_semopy() -> str:
    """How many times faster than semopy, from the same answers, and how well both agree."""
    values = answers(RESPONDENTS)
    syntax = "\n".join(f"{name} =~ {' + '.join(items)}" for name, items in MODEL.items())
    single = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }  # as ours; several threads wait for each other
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.csv")
        pd.DataFrame(values, columns=NAMES).to_csv(path, index=False)
        told = subprocess.run(
            [sys.executable, "-c", _SEMOPY, str(path), syntax, str(ROUNDS)],
            env=single,
            capture_output=True,
            text=True,
            check=True,
        )
    theirs = json.loads(told.stdout.strip().splitlines()[-1])
    chi2, loadings, _ = _from_answers(values)
    own = np.array([seconds(lambda: _from_answers(values)) for _ in range(ROUNDS)])
    moments = sample(values)
    kernel = np.array([seconds(lambda: fit(moments)) for _ in range(ROUNDS)])
    mine = {name: float(np.abs(loadings[k]).max()) for k, name in enumerate(NAMES)}
    off = max(abs(mine[name] - value) for name, value in theirs["loadings"].items())
    ratio = np.median(theirs["times"]) / np.median(own)
    return (
        f"22 items, 5 factors, standard errors, n = {RESPONDENTS:,}: {ratio:.0f} times faster than semopy ({1000 * np.median(own):.1f} ms, of "
        f"which {1000 * np.median(kernel):.1f} ms from the covariances / {1000 * np.median(theirs['times']):.0f} ms); target >= 5 times; "
        f"chi2 {chi2:.3f} / {theirs['chi2']:.3f}, loadings agree to {off:.0e}"
    )


def a_million() -> str:
    """The same from covariances of 1,000,000 respondents, and the further pass that robust errors take."""
    few, many = answers(RESPONDENTS), answers(1_000_000)
    moments = sample(few), sample(many)
    times = [np.median([seconds(lambda: fit(own)) for _ in range(ROUNDS)]) for own in moments]  # noqa: B023
    table = plan_model(MODEL, NAMES)
    own = Sample(moments[1].covariance, moments[1].n)
    with one_blas_thread():
        solution = fit_ml(table, [own], start_values(table, [own]))
        standardise(solution)
        further = seconds(lambda: robust_ml(solution, [[(many, None, None)]], "mlm"))
    return (
        f"from covariances, 1,000,000 against {RESPONDENTS:,} respondents: {times[1] / times[0]:.2f} times as long; target <= 2; "
        f"robust errors of 1,000,000 rows: {further:.1f} s"
    )


if __name__ == "__main__":
    for work in (against_semopy, a_million):
        print(work())
