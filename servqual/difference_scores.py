"""May the differences be trusted? What a critic of P − E asks first, answered beside every gap table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import signed_rank
from servqual.instruments import Instrument
from servqual.measures import HEADINGS, TOTALS, Basis, Measure
from servqual.responses import Responses
from survey_design.results import Column, Result, Text, say

Array = NDArray[Any]

_CEILING_SHARE = 0.5  # expectations of which half sit on the top answer say little
_UNRELIABLE = 0.70  # the customary floor for comparing groups (Nunnally 1978)
_ROUNDING = 1e-12
_FLAT_RATIO = 0.5  # as do expectations that vary half as much as perceptions


@dataclass(frozen=True, eq=False, repr=False)
class GapDiagnostics(Result):
    """Whether differences of the two forms can be trusted, per dimension.

    Frame columns: ``dimension, n, alpha_expectation, alpha_perception, r, reliability, sd_expectation, sd_perception,
    ceiling, warning``. ``reliability`` is that of the difference score,
    ``(s_E^2 a_E + s_P^2 a_P - 2 r s_E s_P) / (s_E^2 + s_P^2 - 2 r s_E s_P)``; ``ceiling`` the share of expectation
    answers on the top of the scale.

    References
    ----------
    Johns (1981), Organizational Behavior and Human Performance 27, 443-463, doi:10.1016/0030-5073(81)90033-7. Peter,
    Churchill and Brown (1993), Journal of Consumer Research 19, 655-662, doi:10.1086/209329.
    """

    instrument: Instrument | None = None

    def title(self) -> str:
        return "差值得分的可信度" if self.language == "zh" else "How far to trust the difference scores"

    def columns(self) -> tuple[Column, ...]:
        words = self.instrument.words() if self.instrument else {}
        return (
            Column("dimension", HEADINGS["dimension"], "text", words),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            Column("alpha_expectation", {"en": "alpha E", "zh": "期望 α"}, "number"),
            Column("alpha_perception", {"en": "alpha P", "zh": "感知 α"}, "number"),
            Column("r", {"en": "r(E, P)", "zh": "r(E, P)"}, "number"),
            Column("reliability", {"en": "reliability of P − E", "zh": "差值信度"}, "number"),
            Column("sd_expectation", {"en": "SD of E", "zh": "期望标准差"}, "number"),
            Column("sd_perception", {"en": "SD of P", "zh": "感知标准差"}, "number"),
            Column("ceiling", {"en": "E at ceiling", "zh": "期望触顶"}, "share"),
            Column(
                "warning", {"en": "remark", "zh": "备注"}, "text", {key: _said(key) for key in self.frame["warning"]}
            ),
        )

    def note(self) -> str:
        if self.language == "zh":
            return (
                f"期望触顶达 {_CEILING_SHARE:.0%} 或其标准差不及感知的 {_FLAT_RATIO:.0%} 时提示：差值主要反映感知，"
                "宜同时报告 SERVPERF。差值信度低于 .70 时亦提示：平均差距仍成立，但个体差值不可靠。"
            )
        return (
            f"A remark is made where {_CEILING_SHARE:.0%} of the expectation answers sit on the top of the scale, or where "
            f"their SD is under {_FLAT_RATIO:.0%} of the perceptions': the gap is then little more than the perception, and "
            "SERVPERF says the same; or where the difference's reliability is under .70 (Nunnally 1978): the mean gap stands, but "
            "differences of single persons or between persons do not. Correlations between items take each pair's respondents; alpha needs two items."
        )


DIAGNOSIS: Mapping[str, Text] = {
    "ceiling": {"en": "expectations sit at the ceiling", "zh": "期望集中于最高分"},
    "flat": {"en": "expectations hardly vary", "zh": "期望几乎没有差异"},
    "two samples": {"en": "different people: no reliability of the difference", "zh": "两组不同受访者，差值信度无意义"},
    "fixed": {"en": "fixed expected levels: nothing varies", "zh": "固定期望水平，无差异"},
    "unreliable": {"en": "differences of persons are mostly noise", "zh": "个体差值主要是噪声"},
    "same": {"en": "everyone has the same difference", "zh": "所有人差值相同"},
    "one item": {"en": "alpha needs two items", "zh": "α 至少需要两个题项"},
}


def _said(warning: str) -> Text:
    """Several remarks in one text."""
    keys = [key for key in warning.split(", ") if key]
    return {
        language: glue.join(DIAGNOSIS[key][language] for key in keys) for language, glue in (("en", "; "), ("zh", "；"))
    }


NO_EFFECT: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "two samples": {"en": "different people: nobody has a gap of their own", "zh": "两组不同受访者，无个体差距"},
    "fixed": {"en": "fixed levels: no spread of E, no ranks", "zh": "固定期望水平，无期望差异，不作秩检验"},
    "same": {"en": "everyone has the same gap", "zh": "所有人差距相同"},
    "own points": {"en": "own points: no whole numbers to rank", "zh": "按本人分值加权，非整数，不作秩检验"},
}


@dataclass(frozen=True, eq=False, repr=False)
class EffectSizes(Result):
    """Standardised gaps and signed ranks, all respondents together.

    Frame columns: ``measure, kind, n, sd_expectation, sd_perception, sd_gap, r, dz, dav, wilcoxon_v, wilcoxon_p,
    remark``.
    ``dz = gap / sd of the individual gaps`` (paired only), ``dav = gap / mean of the two SDs``. Wilcoxon's signed
    ranks use whole-number differences, so that ties are exact; respondents count equally and as independent.

    References
    ----------
    Lakens (2013), Frontiers in Psychology 4:863, doi:10.3389/fpsyg.2013.00863. Wilcoxon (1945), Biometrics
    Bulletin 1, 80-83, doi:10.2307/3001968.
    """

    instrument: Instrument | None = None

    def title(self) -> str:
        if "wilcoxon_p" in self.frame and self.frame["wilcoxon_p"].notna().any():
            return "效应量与符号秩检验" if self.language == "zh" else "Effect sizes and signed ranks"
        return "效应量" if self.language == "zh" else "Effect sizes"

    def columns(self) -> tuple[Column, ...]:
        words = {**(self.instrument.words() if self.instrument else {}), **TOTALS}
        numbers = {
            "sd_expectation": {"en": "SD of E", "zh": "期望标准差"},
            "sd_perception": {"en": "SD of P", "zh": "感知标准差"},
            "sd_gap": {"en": "SD of gap", "zh": "差距标准差"},
            "r": {"en": "r(E, P)", "zh": "r(E, P)"},
            "dz": {"en": "dz", "zh": "dz"},
            "dav": {"en": "dav", "zh": "dav"},
        }
        return (
            Column("measure", {"en": "measure", "zh": "指标"}, "text", words),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            *(Column(name, label, "number") for name, label in numbers.items()),
            Column("wilcoxon_v", {"en": "Wilcoxon V", "zh": "Wilcoxon V"}, "number", decimals=1),
            Column("wilcoxon_p", {"en": "Wilcoxon p", "zh": "Wilcoxon p"}, "p"),
            *(
                [Column("remark", {"en": "remark", "zh": "备注"}, "text", NO_EFFECT)]
                if self.frame["remark"].nunique() > 1
                else []
            ),
        )

    def note(self) -> str:
        """How the sizes are defined, and the remark that all rows share."""
        shared = self.frame["remark"].iloc[0] if len(self.frame) and self.frame["remark"].nunique() == 1 else ""
        said = say(NO_EFFECT[shared], self.language)
        if self.language == "zh":
            return (f"全部各行：{said}。" if said else "") + self._definitions()
        return (f"All rows: {said}. " if said else "") + self._definitions()

    def _definitions(self) -> str:
        if self.language == "zh":
            return "dz = 差距 / 个体差距标准差（仅配对）；dav = 差距 / 两标准差均值；符号秩检验将受访者视为独立且等权。"
        return (
            "dz = gap / SD of the individual gaps (paired answers only); dav = gap / mean of the two SDs; the signed-rank "
            "test counts respondents equally and as independent, without the sample design."
        )


def difference_reliability(alpha_e: float, alpha_p: float, r: float, sd_e: float, sd_p: float) -> float:
    """Reliability of a difference score from its parts.

    It falls as the two forms correlate: equal SDs and reliabilities of .90 with r = .50 leave .80, with r = .70 .667.

    References
    ----------
    Peter, Churchill and Brown (1993), Journal of Consumer Research 19, 655-662, doi:10.1086/209329.

    Examples
    --------
    >>> round(difference_reliability(0.9, 0.9, 0.7, 1.0, 1.0), 3)
    0.667
    """
    shared = 2 * r * sd_e * sd_p
    variance = sd_e**2 + sd_p**2 - shared
    if not variance > _ROUNDING * (sd_e**2 + sd_p**2):
        return float("nan")  # a difference that does not vary has no reliability
    return (sd_e**2 * alpha_e + sd_p**2 * alpha_p - shared) / variance


def _alpha(covariance: Array) -> float:
    """Cronbach's alpha of items with this covariance; nan for a single item."""
    k, total = len(covariance), covariance.sum()
    return float(k / (k - 1) * (1 - np.trace(covariance) / total)) if k > 1 and total > 0 else float("nan")


@dataclass(frozen=True)
class _Pair:
    """How expectation and perception of one measure vary, all respondents together; nan where there is no such thing."""

    n: int
    gap: float
    sd_expectation: float
    sd_perception: float
    sd_gap: float
    r: float


def _pair(basis: Basis, k: int, covariance: Array, means: Array) -> _Pair:
    measure, scores = basis.measures[k], basis.moments.map.scores
    name, nan = f"{measure.what}:{measure.id}", float("nan")
    p, e = (scores.index(f"{side}:{name}") if f"{side}:{name}" in scores else None for side in "PE")
    n = int(basis.moments.sums(power=0)[basis.moments.mask_index(f"P:{name}")])
    sd_p = _root(float(covariance[p, p]), 1.0)
    if e is None:
        level = nan if basis.fixed is None else float(basis.fixed[k])
        return _Pair(n, float(means[p]) - level, nan, sd_p, sd_p, nan)
    sd_e, gap = _root(float(covariance[e, e]), 1.0), float(means[p] - means[e])
    if not basis.paired:
        return _Pair(n, gap, sd_e, sd_p, nan, nan)
    shared = float(covariance[p, e])
    sd_gap = _root(sd_e**2 + sd_p**2 - 2 * shared, sd_e**2 + sd_p**2)
    return _Pair(n, gap, sd_e, sd_p, sd_gap, shared / (sd_e * sd_p) if sd_e * sd_p > 0 else nan)


def _root(variance: float, size: float) -> float:
    """Standard deviation; exactly 0 where only rounding of numbers of that size is left."""
    return 0.0 if variance <= _ROUNDING * size else float(np.sqrt(variance))


def diagnose_differences(responses: Responses, basis: Basis) -> GapDiagnostics:
    """One line per dimension on what its gap is worth."""
    covariance, means = basis.moments.covariance(), basis.moments.means()
    lines = [_diagnosis(basis, k, covariance, means) for k in basis.index("dimension")]
    return GapDiagnostics(pd.DataFrame(lines, columns=_DIAGNOSTICS), responses.language, responses.instrument)


_DIAGNOSTICS = ["dimension", "n", "alpha_expectation", "alpha_perception", "r", "reliability", "sd_expectation",
                "sd_perception", "ceiling", "warning"]  # fmt: skip


def _diagnosis(basis: Basis, k: int, covariance: Array, means: Array) -> tuple[Any, ...]:
    measure, nan, pair = basis.measures[k], float("nan"), _pair(basis, k, covariance, means)
    alpha_p = _alpha(_between_items(basis, measure, "P", covariance))
    if basis.fixed is not None:
        return measure.id, pair.n, nan, alpha_p, nan, nan, nan, pair.sd_perception, nan, "fixed"
    alpha_e = _alpha(_between_items(basis, measure, "E", covariance))
    ceiling = _ceiling(basis, measure)
    flat = pair.sd_expectation < _FLAT_RATIO * pair.sd_perception
    warnings = ["ceiling" if ceiling >= _CEILING_SHARE else "flat" if flat else ""]
    reliability = nan
    if not basis.paired:
        warnings.append("two samples")
    elif np.isfinite(pair.r):
        reliability = difference_reliability(alpha_e, alpha_p, pair.r, pair.sd_expectation, pair.sd_perception)
        low = np.isfinite(reliability) and reliability < _UNRELIABLE
        undefined = "same" if pair.sd_gap == 0 else "one item"
        warnings.append("unreliable" if low else "" if np.isfinite(reliability) else undefined)
    warning = ", ".join(part for part in warnings if part)
    return (measure.id, pair.n, alpha_e, alpha_p, pair.r, reliability, pair.sd_expectation, pair.sd_perception, ceiling,
            warning)  # fmt: skip


def _between_items(basis: Basis, measure: Measure, side: str, covariance: Array) -> Array:
    """Covariance of the items of a measure in one form."""
    scores = basis.moments.map.scores
    places = [scores.index(f"{side}:item:{basis.measures[j].id}") for j in basis.index("item") if measure.weights[j]]
    return covariance[np.ix_(places, places)]


def _ceiling(basis: Basis, measure: Measure) -> float:
    """Weighted share of expectation answers to a measure's items that are on the top of the scale."""
    items = [basis.measures[j].id for j in basis.index("item") if measure.weights[j]]
    top, given = np.sum([basis.ceiling[item] for item in items], axis=0)
    return float(top / given) if given else float("nan")


def effect_sizes(responses: Responses, basis: Basis) -> EffectSizes:
    """One line per measure with its standardised gap and signed ranks."""
    covariance, means = basis.moments.covariance(), basis.moments.means()
    lines = [_effect(basis, k, covariance, means) for k in range(len(basis.measures))]
    return EffectSizes(pd.DataFrame(lines, columns=_EFFECTS), responses.language, responses.instrument)


_EFFECTS = ["measure", "kind", "n", "sd_expectation", "sd_perception", "sd_gap", "r", "dz", "dav", "wilcoxon_v",
            "wilcoxon_p", "remark"]  # fmt: skip


def _effect(basis: Basis, k: int, covariance: Array, means: Array) -> tuple[Any, ...]:
    measure, nan, pair = basis.measures[k], float("nan"), _pair(basis, k, covariance, means)
    mean_sd = (pair.sd_expectation + pair.sd_perception) / 2
    v, p = _signed_rank(basis, measure)
    dz = pair.gap / pair.sd_gap if pair.sd_gap > 0 else nan
    dav = pair.gap / mean_sd if mean_sd > 0 else nan
    remark = "fixed" if basis.fixed is not None else "two samples" if not basis.paired else ""
    remark = remark or ("own points" if np.isnan(v) else "")
    return (measure.id, measure.what, pair.n, pair.sd_expectation, pair.sd_perception, pair.sd_gap, pair.r, dz, dav, v, p,
            remark or ("same" if pair.sd_gap == 0 else ""))  # fmt: skip


def _signed_rank(basis: Basis, measure: Measure) -> tuple[float, float]:
    """Signed ranks of whole-number differences, before they are divided into scores."""
    tally = None if basis.differences is None else basis.differences.tallies.get(f"{measure.what}:{measure.id}")
    if tally is None:
        return float("nan"), float("nan")
    v, p, _ = signed_rank(*tally)
    return v, p
