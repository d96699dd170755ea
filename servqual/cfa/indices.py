"""Does the model reproduce the covariances? Chi-square and what is derived from it, in lavaan's conventions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import Sample, Solution
from servqual.cfa.robust import Robust

Array = NDArray[Any]

CLOSE = 0.05  # RMSEA that counts as close fit (Browne and Cudeck 1993)
_RMSEA_LEVEL = 0.90


@dataclass(frozen=True)
class FitIndices:
    """How well a model reproduces the covariances.

    Attributes
    ----------
    n, n_parameters, chi2, df, p : likelihood ratio against the saturated model, ``chi2 = n F``
    baseline_chi2, baseline_df : the same of the model in which items do not covary
    cfi, tli : 1 where the model fits as well as chance allows, 0 where it fits as badly as the baseline
    rmsea, rmsea_low, rmsea_high, p_close : misfit per degree of freedom, its 90 % interval, and the probability of such data
        if RMSEA were .05 at most
    srmr : root mean square of the standardised residuals
    logl, aic, bic, abic : log-likelihood and information criteria (``abic``: sample-size adjusted); nan for other estimators
    scaling, shift : of a robust chi-square, ``chi2 = naive / scaling + shift``; 1 and 0 otherwise
    cfi_robust, tli_robust, rmsea_robust, rmsea_robust_low, rmsea_robust_high : for "mlm" and "mlr", estimates of what these
        would be in the population, which those from the scaled chi-square are not; nan otherwise

    nan stands for what a model without degrees of freedom has none of.
    """

    n: int
    n_parameters: int
    chi2: float
    df: int
    p: float
    baseline_chi2: float
    baseline_df: int
    cfi: float
    tli: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    p_close: float
    srmr: float
    logl: float
    aic: float
    bic: float
    abic: float
    scaling: float = 1.0
    shift: float = 0.0
    cfi_robust: float = float("nan")
    tli_robust: float = float("nan")
    rmsea_robust: float = float("nan")
    rmsea_robust_low: float = float("nan")
    rmsea_robust_high: float = float("nan")


def fit_indices(solution: Solution) -> FitIndices:
    """All indices of a maximum likelihood solution.

    References
    ----------
    Bentler (1990), Psychological Bulletin 107, 238-246, doi:10.1037/0033-2909.107.2.238 (CFI). Hu and Bentler (1999),
    Structural Equation Modeling 6, 1-55, doi:10.1080/10705519909540118.
    """
    n, q = solution.n, solution.table.n_free
    base, base_df = baseline(solution.samples)
    logl = log_likelihood(solution)
    return derived_indices(
        solution.chi2, solution.df, base, base_df, n, len(solution.samples),
        n_parameters=q, srmr=srmr(solution), logl=logl, aic=2 * q - 2 * logl, bic=q * np.log(n) - 2 * logl,
        abic=q * np.log((n + 2) / 24) - 2 * logl,
    )  # fmt: skip


def derived_indices(
    chi2: float, df: int, base: float, base_df: int, n: float, groups: int = 1, **others: Any
) -> FitIndices:
    """What follows from chi-square, the baseline's chi-square and n."""
    from scipy.special import chdtrc

    rmsea, low, high, close = rmsea_interval(chi2, df, n, groups)
    return FitIndices(
        n=round(n), chi2=chi2, df=df, p=float(chdtrc(df, chi2)) if df > 0 else float("nan"),
        baseline_chi2=base, baseline_df=base_df, cfi=cfi(chi2, df, base, base_df), tli=tli(chi2, df, base, base_df),
        rmsea=rmsea, rmsea_low=low, rmsea_high=high, p_close=close, **others,
    )  # fmt: skip


def scaled_indices(
    solution: Solution, robust: Robust, *, stretched: bool, plain: FitIndices | None = None
) -> FitIndices:
    """The indices with chi-squares divided by their scaling factors, and the robust ones beside them.

    ``plain`` : the indices before, computed where not given. ``stretched`` : RMSEA's interval compares the plain chi-square with ``scaling`` times the degrees of freedom, as lavaan does
    for Satorra and Bentler's ("mlm"), and not the scaled one with the degrees of freedom ("mlr").

    References
    ----------
    Brosseau-Liard and Savalei (2014), Multivariate Behavioral Research 49, 460-470, doi:10.1080/00273171.2014.933697.
    Savalei (2018), Multivariate Behavioral Research 53, 419-429, doi:10.1080/00273171.2018.1455142.
    """
    plain = fit_indices(solution) if plain is None else plain
    scaling, baseline_scaling = robust.scaling, robust.baseline_scaling
    df, base_df, groups = plain.df, plain.baseline_df, len(solution.samples)
    scaled = derived_indices(
        plain.chi2 / scaling, df, plain.baseline_chi2 / baseline_scaling, base_df, solution.n, groups,
        n_parameters=plain.n_parameters, srmr=plain.srmr, logl=plain.logl, aic=plain.aic, bic=plain.bic, abic=plain.abic,
    )  # fmt: skip
    if stretched and df > 0:
        _, low, high, close = rmsea_interval(plain.chi2, scaling * df, solution.n, groups)
        scaled = replace(scaled, rmsea_low=low, rmsea_high=high, p_close=close)
    off, base_off = plain.chi2 - scaling * df, plain.baseline_chi2 - baseline_scaling * base_df
    worst = max(off, base_off, 0.0)
    stretch = float(np.sqrt(scaling))
    return replace(
        scaled,
        scaling=scaling,
        cfi_robust=1 - max(off, 0.0) / worst if worst > 0 else 1.0,
        tli_robust=1 - (off / df) / (base_off / base_df) if df > 0 and base_off else float("nan"),
        rmsea_robust=scaled.rmsea * stretch,
        rmsea_robust_low=scaled.rmsea_low * stretch,
        rmsea_robust_high=scaled.rmsea_high * stretch,
    )


def cfi(chi2: float, df: int, base: float, base_df: int) -> float:
    """``1 - max(chi2 - df, 0) / max(chi2 - df, base - base_df, 0)``.

    >>> round(cfi(85.306, 24, 918.852, 36), 3)
    0.931
    """
    worst = max(chi2 - df, base - base_df, 0.0)
    return 1.0 - max(chi2 - df, 0.0) / worst if worst > 0 else 1.0


def tli(chi2: float, df: int, base: float, base_df: int) -> float:
    """``(base / base_df - chi2 / df) / (base / base_df - 1)``; may leave the range from 0 to 1.

    >>> round(tli(85.306, 24, 918.852, 36), 3)
    0.896
    """
    if df <= 0 or base_df <= 0 or base == base_df:
        return float("nan")
    return (base / base_df - chi2 / df) / (base / base_df - 1)


def rmsea_interval(chi2: float, df: float, n: float, groups: int = 1) -> tuple[float, float, float, float]:
    """RMSEA, its 90 % interval, and p of close fit, from the noncentral chi-square distribution.

    ``rmsea = sqrt(max(chi2 - df, 0) / (n df)) sqrt(groups)``, with n and not n - 1.

    References
    ----------
    Browne and Cudeck (1992), Sociological Methods & Research 21, 230-258, doi:10.1177/0049124192021002005.

    >>> tuple(round(value, 3) for value in rmsea_interval(85.306, 24, 301)[:3])
    (0.092, 0.071, 0.114)
    """
    from scipy.special import chndtr

    if df <= 0:
        return (float("nan"),) * 4
    scale = groups / (n * df)
    tail = (1 - _RMSEA_LEVEL) / 2
    low, high = (np.sqrt(noncentrality(chi2, df, p) * scale) for p in (1 - tail, tail))
    close = 1 - float(chndtr(chi2, df, CLOSE**2 / scale))
    return float(np.sqrt(max(chi2 - df, 0.0) * scale)), float(low), float(high), close


def noncentrality(chi2: float, df: float, p: float) -> float:
    """The noncentrality under which a chi-square this small has probability p; 0 where even the central one has less."""
    from scipy.optimize import brentq
    from scipy.special import chndtr

    def excess(nc: float) -> float:
        return float(chndtr(chi2, df, nc)) - p

    if excess(0.0) <= 0:
        return 0.0
    high = max(chi2, 1.0)
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-10 * high))


def baseline(samples: Sequence[Sample]) -> tuple[float, int]:
    """Chi-square and degrees of freedom of the model in which items do not covary."""
    p = len(samples[0].covariance)
    value = sum(
        sample.n * (np.log(sample.covariance.diagonal()).sum() - np.linalg.slogdet(sample.covariance)[1])
        for sample in samples
    )
    return float(value), len(samples) * p * (p - 1) // 2


def log_likelihood(solution: Solution) -> float:
    """Of normal answers; means that are not modelled are at their estimates."""
    p = len(solution.table.items)
    return float(sum(
        -0.5 * sample.n * (p * np.log(2 * np.pi) + value + np.linalg.slogdet(sample.covariance)[1] + p)
        for sample, value in zip(solution.samples, solution.discrepancy, strict=True)
    ))  # fmt: skip


def srmr(solution: Solution) -> float:
    """Root mean square of ``(s_ij - sigma_ij) / sqrt(s_ii s_jj)``, of means too where they are modelled; groups by their n."""
    own = [_squares(sample, matrices) for sample, matrices in zip(solution.samples, solution.matrices, strict=True)]
    p = len(solution.table.items)
    counts = p * (p + 1) // 2 + (p if solution.samples[0].mean is not None else 0)
    return float(
        sum(
            sample.n * np.sqrt(value / (counts - sample.unknown))
            for sample, value in zip(solution.samples, own, strict=True)
        )
        / solution.n
    )


def _squares(sample: Sample, matrices: Any) -> float:
    spread = np.sqrt(sample.covariance.diagonal())
    off = (sample.covariance - matrices.covariance) / np.outer(spread, spread)
    off = off if sample.known is None else off * sample.known
    total = float((np.tril(off) ** 2).sum())
    return total if sample.mean is None else total + float((((sample.mean - matrices.mean) / spread) ** 2).sum())
