"""How well do so many factors reproduce the correlations?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.factors.extraction import degrees_of_freedom, discrepancy
from survey_design.results import Text, say

Array = NDArray[Any]

FIT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "no df": {"en": "no degrees of freedom: any correlations would fit", "zh": "自由度为零：任何相关都能拟合"},
    "polychoric": {"en": "no chi-square: polychoric correlations are no sample of normal answers",
                   "zh": "无卡方：多分格相关并非正态作答的样本相关"},
    "singular": {"en": "no chi-square: correlation matrix not positive definite", "zh": "无卡方：相关矩阵非正定"},
    "improper": {"en": "no chi-square: the model's own matrix is not positive definite",
                 "zh": "无卡方：模型相关矩阵非正定"},
    "few answers": {"en": "no chi-square: too few respondents for so many items", "zh": "无卡方：相对题项而言受访者过少"},
}  # fmt: skip
_RMSEA_LEVEL = 0.90
_DEFINITE = 1e-10


@dataclass(frozen=True)
class Fit:
    """How well m factors reproduce the correlations.

    Attributes
    ----------
    rmsr : root of the mean squared residual correlation
    chi2, df, p : Bartlett's corrected ``(n - 1 - (2 p + 5)/6 - 2 m/3) F`` and its test; exact for ML, close for the others
    rmsea, rmsea_low, rmsea_high : ``sqrt(max(chi2/df - 1, 0) / (n - 1))`` with its 90% interval
    tli : Tucker and Lewis's index against a model without factors
    bic : ``chi2 - df log n``; lower is better
    reason : why there is no chi-square, or no test of it
    """

    rmsr: float
    df: int
    chi2: float = float("nan")
    p: float = float("nan")
    rmsea: float = float("nan")
    rmsea_low: float = float("nan")
    rmsea_high: float = float("nan")
    tli: float = float("nan")
    bic: float = float("nan")
    reason: str = ""

    def sentence(self, language: str = "en") -> str:
        """The fit in words."""
        zh, residual = language == "zh", f"RMSR {self.rmsr:.3f}"
        if not np.isfinite(self.chi2):
            return f"{residual}{'，' if zh else '; '}{say(FIT_REASONS[self.reason], language)}"
        shown = f"χ²({self.df}) = {self.chi2:,.2f}" if zh else f"chi2({self.df}) = {self.chi2:,.2f}"
        if self.reason:
            return f"{residual}，{shown}，{say(FIT_REASONS[self.reason], language)}" if zh else (
                f"{residual}, {shown}, {say(FIT_REASONS[self.reason], language)}")  # fmt: skip
        p = "p < .001" if self.p < 0.0005 else "p = " + f"{self.p:.3f}".lstrip("0")
        interval, tli = f"{self.rmsea_low:.3f}–{self.rmsea_high:.3f}", f"{self.tli:.3f}".replace("-", "−")
        if zh:
            return f"{residual}，{shown}，{p}，RMSEA {self.rmsea:.3f}（90% 区间 {interval}），TLI {tli}"
        return f"{residual}, {shown}, {p}, RMSEA {self.rmsea:.3f} (90% interval {interval}), TLI {tli}"


def fit_of(correlation: Array, implied: Array, n: int, factors: int) -> Fit:
    """The fit of a model's matrix to a correlation matrix of n answers.

    Tucker and Lewis (1973), Psychometrika 38, 1-10, doi:10.1007/BF02291170. Checked against R's psych, whose RMSEA divides
    chi-square by n instead of n - 1.
    """
    p, df = len(correlation), degrees_of_freedom(len(correlation), factors)
    off = ~np.eye(p, dtype=bool)
    residual = Fit(float(np.sqrt(((correlation - implied)[off] ** 2).mean())), df)
    if np.linalg.eigvalsh(correlation)[0] < _DEFINITE:
        return replace(residual, reason="singular")
    distance = discrepancy(correlation, implied)
    factor = n - 1 - (2 * p + 5) / 6 - 2 * factors / 3
    if not np.isfinite(distance):
        return replace(residual, reason="improper")
    if factor <= 0:
        return replace(residual, reason="few answers")
    if df == 0:
        return replace(residual, chi2=factor * distance, bic=factor * distance, reason="no df")
    null = (n - 1 - (2 * p + 5) / 6) * discrepancy(correlation, np.eye(p)) / (p * (p - 1) / 2)
    return replace(residual, **_tested(factor * distance, df, null, n))


def _tested(chi2: float, df: int, null: float, n: int) -> dict[str, Any]:
    from scipy.special import chdtrc

    def rmsea(noncentrality: float) -> float:
        return float(np.sqrt(max(noncentrality, 0.0) / (df * (n - 1))))

    low, high = (noncentrality(chi2, df, share) for share in ((1 + _RMSEA_LEVEL) / 2, (1 - _RMSEA_LEVEL) / 2))
    return {"chi2": chi2, "p": float(chdtrc(df, max(chi2, 0.0))), "rmsea": rmsea(chi2 - df), "rmsea_low": rmsea(low),
            "rmsea_high": rmsea(high), "tli": float((null - chi2 / df) / (null - 1)), "bic": chi2 - df * np.log(n)}  # fmt: skip


def noncentrality(chi2: float, df: int, share: float) -> float:
    """The noncentrality under which this share of chi-squares lies below the one found; 0 where none is large enough.

    >>> round(noncentrality(30.0, 10, 0.05), 2)
    40.4
    """
    from scipy.optimize import brentq
    from scipy.special import chdtr, chndtr

    if chi2 <= 0 or chdtr(df, chi2) <= share:
        return 0.0
    return float(brentq(lambda at: chndtr(chi2, df, at) - share, 0.0, 4 * chi2 + 100, xtol=1e-9))
