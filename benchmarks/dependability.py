"""Variance components of crossed visits against statsmodels' MixedLM, and how time grows with the number of visits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.timing import seconds
from servqual.dependability import dependability
from servqual.dependability.components import Grouping, Squares

FEW, MANY, STORES, INSPECTORS = 2_000, 100_000, 100, 20


def visits(n: int, seed: int = 1) -> pd.DataFrame:
    """Visits at random; five per store and twenty per inspector on average in any size above the smallest."""
    g = np.random.default_rng(seed)
    stores, inspectors = max(STORES, n // 20), max(INSPECTORS, n // 100)
    s, i = g.integers(0, stores, n), g.integers(0, inspectors, n)
    score = 75 + g.normal(0, 6, stores)[s] + g.normal(0, 4, inspectors)[i] + g.normal(0, 7, n)
    return pd.DataFrame({"store": s, "inspector": i, "score": score})


def components(frame: pd.DataFrame) -> np.ndarray:
    """Ours: stores, inspectors, residual."""
    coded = [pd.factorize(frame[name]) for name in ("store", "inspector")]
    squares = Squares.of([Grouping(codes, len(levels)) for codes, levels in coded], np.ones((len(frame), 1)))
    return squares.components(frame["score"].to_numpy() - frame["score"].mean())


def by_mixedlm(frame: pd.DataFrame) -> np.ndarray:
    """Restricted maximum likelihood with crossed random effects, as statsmodels documents it."""
    import statsmodels.formula.api as smf

    parts = {"store": "0 + C(store)", "inspector": "0 + C(inspector)"}
    model = smf.mixedlm("score ~ 1", frame.assign(all=1), groups="all", vc_formula=parts).fit(reml=True)
    named = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True))
    return np.array([named["store"], named["inspector"], model.scale])


def against_mixedlm() -> str:
    """Both at 2,000 visits; ours at 100,000, with and without the simulated errors."""
    few, many = visits(FEW), visits(MANY)
    own, theirs = components(few), by_mixedlm(few)
    ours = min(seconds(lambda: components(few)) for _ in range(7))
    peer = seconds(lambda: by_mixedlm(few))
    large = min(seconds(lambda: components(many)) for _ in range(5))
    whole = seconds(lambda: dependability(few, score="score"))
    whole_many = seconds(lambda: dependability(many, score="score"))
    apart = np.abs(own / theirs - 1).max()
    return (
        f"variances of {FEW:,} crossed visits: {1000 * ours:.1f} ms / statsmodels MixedLM {peer:.1f} s: {peer / ours:,.0f} times faster; "
        f"largest difference {100 * apart:.1f}%\n"
        f"{MANY:,} visits: {1000 * large:.0f} ms, {large / ours:.0f}x the time for {MANY // FEW}x the visits; target linear; "
        f"dependability() with 200 simulated studies: {whole:.2f} s, {whole_many:.1f} s"
    )


if __name__ == "__main__":
    print(against_mixedlm())
