"""Design-based means, SEs and design effects of 22 gaps by tier against svy, samplics and statsmodels."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

from benchmarks.studies import DESIGN, RESPONDENTS, TIERS, answers, columns
from benchmarks.timing import seconds
from servqual import Mean, estimate

E, P = columns("expectation"), columns("perception")
GAPS = [f"gap{k + 1}" for k in range(len(P))]
ROUNDS = 7


def gap_frame() -> pd.DataFrame:
    """The 22 gaps of every respondent, with store and tier."""
    frame = answers(RESPONDENTS, 3)
    gaps = frame[P].to_numpy() - frame[E].to_numpy()
    return pd.concat([frame[["store", "tier"]], pd.DataFrame(gaps, columns=GAPS)], axis=1).assign(weight=1.0)


def ours(frame: pd.DataFrame) -> dict[tuple[int, str], tuple[float, float]]:
    """Mean, SE and deff of every gap in every tier, by linearisation."""
    table = estimate(frame, Mean(*GAPS), DESIGN, by="tier").to_frame()
    return {(int(row.tier), str(row.statistic)): (row.estimate, row.se) for row in table.itertuples()}


def by_svy(frame: pd.DataFrame) -> Callable[[], dict[tuple[int, str], tuple[float, float]]]:
    """The same with svy."""
    import polars as pl
    import svy

    data = pl.from_pandas(frame)
    sample = svy.Sample(data=data, design=svy.Design(stratum="tier", psu="store", wgt="weight"))

    def work() -> dict[tuple[int, str], tuple[float, float]]:
        results = sample.estimation.mean(GAPS, by="tier", deff="wr")
        return {
            (int(row["tier"]), name): (row["est"], row["se"])
            for name, result in zip(GAPS, results, strict=True)
            for row in result.to_polars().iter_rows(named=True)
        }

    return work


def by_samplics(frame: pd.DataFrame) -> Callable[[], dict[tuple[int, str], tuple[float, float]]]:
    """The same with samplics."""
    from samplics import PopParam, TaylorEstimator

    def work() -> dict[tuple[int, str], tuple[float, float]]:
        found = {}
        for name in GAPS:
            estimator = TaylorEstimator(PopParam.mean)
            estimator.estimate(
                y=frame[name],
                samp_weight=frame["weight"],
                stratum=frame["tier"],
                psu=frame["store"],
                domain=frame["tier"],
            )
            for tier in range(TIERS):
                found[tier, name] = (float(estimator.point_est[tier]), float(estimator.stderror[tier]))
        return found

    return work


def by_formula(frame: pd.DataFrame) -> Callable[[], dict[tuple[int, str], tuple[float, float]]]:
    """The loop as one writes it: a formula, the rows of a tier, cluster-robust errors."""

    def work() -> dict[tuple[int, str], tuple[float, float]]:
        found = {}
        for tier in frame["tier"].unique():
            part = frame[frame["tier"] == tier]
            for name in GAPS:
                fit = smf.ols(f"{name} ~ 1", data=part).fit(cov_type="cluster", cov_kwds={"groups": part["store"]})
                found[int(tier), name] = (fit.params["Intercept"], fit.bse["Intercept"])
        return found

    return work


def by_statsmodels(frame: pd.DataFrame) -> Callable[[], dict[tuple[int, str], tuple[float, float]]]:
    """The same regressions on a constant, tuned by us: bare arrays, no formula, each tier cut out once."""

    def work() -> dict[tuple[int, str], tuple[float, float]]:
        found = {}
        for tier, part in frame.groupby("tier"):
            constant = np.ones(len(part))
            for name in GAPS:
                fit = sm.OLS(part[name].to_numpy(float), constant).fit(
                    cov_type="cluster", cov_kwds={"groups": part["store"].to_numpy()}
                )
                found[int(tier), name] = (fit.params[0], fit.bse[0])
        return found

    return work


PEERS = {
    "svy": by_svy,
    "samplics": by_samplics,
    "a statsmodels loop of formulas": by_formula,
    "the same loop tuned by us to bare arrays": by_statsmodels,
}


def against_peers() -> str:
    """How many times faster than each peer, each run once beside several runs of ours, and how well they agree."""
    frame = gap_frame()
    mine = ours(frame)
    lines, best = [], np.inf
    for name, make in PEERS.items():
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            work = make(frame)
            start = time.perf_counter()
            theirs = work()
            taken = time.perf_counter() - start
        own = np.array([seconds(lambda: ours(frame)) for _ in range(ROUNDS)])
        means, errors = (max(abs(mine[key][k] / theirs[key][k] - 1) for key in theirs) for k in (0, 1))
        best = min(best, taken / np.median(own))
        lines.append(
            f"22 gaps by tier, design-based, {RESPONDENTS:,} respondents: {taken / np.median(own):.0f} times faster than {name} "
            f"({1000 * np.median(own):.0f} ms / {taken:.1f} s); means agree to {means:.0e}, SEs to {errors:.0e}"
        )
    return "\n".join([*lines, f"fastest of them: {best:.0f} times faster; target >= 20 times, agreement 1e-6"])
