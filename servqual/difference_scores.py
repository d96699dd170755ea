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
from survey_design.results import Column, Result, Text

Array = NDArray[Any]

_CEILING_SHARE = 0.5  # expectations of which half sit on the top answer say little
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
            Column("warning", {"en": "remark", "zh": "备注"}, "text", DIAGNOSIS),
        )

    def note(self) -> str:
        if self.language == "zh":
            return (
                f"期望触顶达 {_CEILING_SHARE:.0%} 或其标准差不及感知的 {_FLAT_RATIO:.0%} 时提示：差值主要反映感知，"
                "宜同时报告 SERVPERF。"
            )
        return (
            f"A remark is made where {_CEILING_SHARE:.0%} of the expectation answers sit on the top of the scale, or where "
            f"their SD is under {_FLAT_RATIO:.0%} of the perceptions': the gap is then little more than the perception, and "
            "SERVPERF says the same. Correlations between items take each pair's respondents; alpha needs two items."
        )


DIAGNOSIS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "ceiling": {"en": "expectations sit at the ceiling", "zh": "期望集中于最高分"},
    "flat": {"en": "expectations hardly vary", "zh": "期望几乎没有差异"},
    "two samples": {"en": "different people: no reliability of the difference", "zh": "两组不同受访者，差值信度无意义"},
    "ceiling, two samples": {
        "en": "expectations sit at the ceiling; different people",
        "zh": "期望集中于最高分；两组不同受访者",
    },
    "flat, two samples": {"en": "expectations hardly vary; different people", "zh": "期望几乎没有差异；两组不同受访者"},
    "fixed": {"en": "fixed expected levels: nothing varies", "zh": "固定期望水平，无差异"},
}


NO_EFFECT: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "two samples": {"en": "different people: nobody has a gap of their own", "zh": "两组不同受访者，无个体差距"},
    "fixed": {"en": "fixed levels: no spread of E, no ranks", "zh": "固定期望水平，无期望差异，不作秩检验"},
    "same": {"en": "everyone has the same gap", "zh": "所有人差距相同"},
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
        return "效应量与符号秩检验" if self.language == "zh" else "Effect sizes and signed ranks"

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
                if self.frame["remark"].any()
                else []
            ),
        )

    def note(self) -> str:
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
    return (sd_e**2 * alpha_e + sd_p**2 * alpha_p - shared) / (sd_e**2 + sd_p**2 - shared)


def _alpha(covariance: Array) -> float:
    """Cronbach's alpha of items with this covariance; nan for a single item."""
    k, total = len(covariance), covariance.sum()
    return float(k / (k - 1) * (1 - np.trace(covariance) / total)) if k > 1 and total > 0 else float("nan")


def diagnose_differences(responses: Responses, basis: Basis, fixed: Array | None) -> GapDiagnostics:
    lines = [_diagnosis(responses, basis, k, fixed) for k in basis.index("dimension")]
    names = ["dimension", "n", "alpha_expectation", "alpha_perception", "r", "reliability", "sd_expectation", "sd_perception",
             "ceiling", "warning"]  # fmt: skip
    return GapDiagnostics(pd.DataFrame(lines, columns=names), responses.language, responses.instrument)


def _diagnosis(responses: Responses, basis: Basis, k: int, fixed: Array | None) -> tuple[Any, ...]:
    measure, nan = basis.measures[k], float("nan")
    scores = basis.moments.map.scores
    covariance = basis.moments.covariance()
    members = [j for j in basis.index("item") if measure.weights[j]]
    at = {
        side: scores.index(f"{side}:dimension:{measure.id}")
        for side in "EP"
        if f"{side}:dimension:{measure.id}" in scores
    }
    offset = {side: scores.index(f"{side}:{basis.measures[0].what}:{basis.measures[0].id}") for side in at}
    alpha = {
        side: _alpha(covariance[np.ix_([offset[side] + j for j in members], [offset[side] + j for j in members])])
        for side in at
    }
    sd = {side: float(np.sqrt(covariance[at[side], at[side]])) for side in at}
    n = int(basis.moments.total(power=0)[0][basis.moments.mask_index(f"P:dimension:{measure.id}")])
    if "E" not in at:
        return measure.id, n, nan, alpha["P"], nan, nan, 0.0, sd["P"], nan, "fixed"
    ceiling = _ceiling(responses, measure)
    warning = "ceiling" if ceiling >= _CEILING_SHARE else "flat" if sd["E"] < _FLAT_RATIO * sd["P"] else ""
    if responses.pairing != "paired":
        warning = ", ".join(part for part in (warning, "two samples") if part)
        return measure.id, n, alpha["E"], alpha["P"], nan, nan, sd["E"], sd["P"], ceiling, warning
    shared = covariance[at["E"], at["P"]]
    r = float(shared / (sd["E"] * sd["P"])) if sd["E"] > 0 and sd["P"] > 0 else nan
    reliability = difference_reliability(alpha["E"], alpha["P"], r, sd["E"], sd["P"]) if np.isfinite(r) else nan
    return measure.id, n, alpha["E"], alpha["P"], r, reliability, sd["E"], sd["P"], ceiling, warning


def _ceiling(responses: Responses, measure: Measure) -> float:
    """Weighted share of expectation answers to a measure's items that are on the top of the scale."""
    side = responses.expectation or responses
    partners = [responses.matches[item] for item, w in zip(responses.matches, measure.weights, strict=True) if w]
    answers = side.answers("expectation")[partners].to_numpy(float)
    weight = np.ones(len(answers)) if side.design.weight is None else side.frame[side.design.weight].to_numpy(float)
    given = ~np.isnan(answers) * weight[:, None]
    return float((given * (answers == side.instrument.scale.high)).sum() / given.sum()) if given.sum() else float("nan")


def effect_sizes(responses: Responses, basis: Basis, fixed: Array | None) -> EffectSizes:
    lines = [_effect(responses, basis, k, fixed) for k in range(len(basis.measures))]
    names = [
        "measure",
        "kind",
        "n",
        "sd_expectation",
        "sd_perception",
        "sd_gap",
        "r",
        "dz",
        "dav",
        "wilcoxon_v",
        "wilcoxon_p",
        "remark",
    ]
    return EffectSizes(pd.DataFrame(lines, columns=names), responses.language, responses.instrument)


def _effect(responses: Responses, basis: Basis, k: int, fixed: Array | None) -> tuple[Any, ...]:
    moments, measure, nan = basis.moments, basis.measures[k], float("nan")
    name = f"{measure.what}:{measure.id}"
    at = {side: moments.map.scores.index(f"{side}:{name}") for side in "EP" if f"{side}:{name}" in moments.map.scores}
    n = int(moments.total(power=0)[0][moments.mask_index(f"P:{name}")])
    covariance, means = moments.covariance(), moments.means()
    variance = {side: covariance[place, place] for side, place in at.items()}
    expectation = means[at["E"]] if "E" in at else fixed[k] if fixed is not None else nan
    gap = means[at["P"]] - expectation
    sd_e, sd_p = (float(np.sqrt(variance[side])) if side in variance else nan for side in "EP")
    if responses.pairing != "paired" and fixed is None:
        return (
            measure.id,
            measure.what,
            n,
            sd_e,
            sd_p,
            nan,
            nan,
            nan,
            gap / ((sd_e + sd_p) / 2),
            nan,
            nan,
            "two samples",
        )
    shared = covariance[at["E"], at["P"]] if "E" in at else 0.0
    sd_gap = float(np.sqrt(variance["P"] + variance.get("E", 0.0) - 2 * shared))
    r = float(shared / (sd_e * sd_p)) if "E" in at and sd_e * sd_p > 0 else nan
    dav = gap / ((sd_e + sd_p) / 2) if "E" in at else nan
    v, p, _ = _signed_rank(responses, measure, fixed)
    dz = gap / sd_gap if sd_gap > 0 else nan
    remark = "fixed" if fixed is not None else "" if sd_gap > 0 else "same"
    return measure.id, measure.what, n, sd_e, sd_p, sd_gap, r, dz, dav, v, p, remark


def _signed_rank(responses: Responses, measure: Measure, fixed: Array | None) -> tuple[float, float, int]:
    """Signed ranks of whole-number differences, before they are divided into scores."""
    if fixed is not None:
        return float("nan"), float("nan"), 0
    difference = responses.answers("perception").to_numpy(float) - responses.answers("expectation").to_numpy(float)
    used = np.array(measure.weights) != 0
    whole = difference[:, used] @ np.array(measure.weights, dtype=float)[used]
    return signed_rank(*np.unique(whole[~np.isnan(whole)], return_counts=True))
