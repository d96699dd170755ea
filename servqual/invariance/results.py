"""What a ladder of invariance shows: its steps, what may still be compared, and differences of factor means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from servqual.cfa.model import KINDS
from servqual.correlations import OF_WORDS, Kind, Of
from survey_design.errors import SpecError
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Forms = Literal["", "paired", "independent"]

STEPS: Mapping[str, Text] = {
    "configural": {"en": "configural", "zh": "构型"},
    "metric": {"en": "metric", "zh": "度量（载荷）"},
    "scalar": {"en": "scalar", "zh": "标量（截距）"},
    "strict": {"en": "strict", "zh": "严格（残差）"},
}
ORDERED_STEPS: Mapping[str, Text] = {
    "configural": {"en": "configural", "zh": "构型"},
    "thresholds": {"en": "thresholds", "zh": "阈值"},
    "metric": {"en": "thresholds, loadings", "zh": "阈值、载荷"},
    "scalar": {"en": "thresholds, loadings, intercepts", "zh": "阈值、载荷、截距"},
    "strict": {"en": "thresholds, loadings, intercepts, residuals", "zh": "阈值、载荷、截距、残差"},
}
_RANK = ("none", *ORDERED_STEPS)

COMPARABLE: Mapping[str, Text] = {
    "none": {
        "en": "nothing may be compared: the same items do not measure the same factors in all groups",
        "zh": "不可比较：各组题项测量的因子结构不同",
    },
    "configural": {
        "en": "only the structure may be compared, no numbers: items weigh differently",
        "zh": "仅因子结构可比，数值不可比：题项载荷不同",
    },
    "metric": {
        "en": "how dimensions relate to each other and to outcomes may be compared, but not their means: items start from "
        "different levels",
        "zh": "维度之间及维度与结果变量的关系可比，均值不可比：题项截距不同",
    },
    "scalar": {
        "en": "means of the dimensions may be compared; spreads of scores hold different shares of error",
        "zh": "维度均值可比；得分方差所含误差比例不同",
    },
    "strict": {
        "en": "means, spreads and correlations of dimension scores may be compared",
        "zh": "维度得分的均值、方差与相关均可比",
    },
}
_ORDERED: Mapping[str, Text] = {
    "configural": {
        "en": "only the structure may be compared, no numbers: the same answer stands for different degrees (thresholds differ)",
        "zh": "仅因子结构可比，数值不可比：同一选项在各组代表的程度不同（阈值不同）",
    },
    "thresholds": {
        "en": "answers are used alike, but only the structure may be compared, no numbers: items weigh differently",
        "zh": "各组对选项的使用一致，但仅因子结构可比，数值不可比：题项载荷不同",
    },
    "scalar": {
        "en": "factor means may be compared (means()); means of scores only nearly, since answers hold different shares of error",
        "zh": "因子均值可比（means()）；得分均值仅近似可比：各组作答所含误差比例不同",
    },
}
# What a gap P − E presupposes: it subtracts one form's means from the other's.
_FORMS: Mapping[str, Text] = {
    "none": {
        "en": "gaps of dimensions can't be read: the same items do not measure the same factors in both forms",
        "zh": "维度差距无法解释：两份问卷中相同题项测量的因子结构不同",
    },
    "configural": {
        "en": "a gap of dimension means mixes the difference with a change of the ruler: items weigh differently in the two forms; "
        "read gaps item by item",
        "zh": "维度均值之差混入了尺度本身的变化：题项在两份问卷中的载荷不同；宜逐题解读差距",
    },
    "thresholds": {
        "en": "a gap of dimension means mixes the difference with a change of the ruler: answers are used alike, but items weigh "
        "differently in the two forms; read gaps item by item",
        "zh": "维度均值之差混入了尺度本身的变化：选项使用一致，但题项在两份问卷中的载荷不同；宜逐题解读差距",
    },
    "metric": {
        "en": "a gap of dimension means mixes the difference with a change of the ruler: items start from different levels in the "
        "two forms; relations of dimensions may be compared, gaps read item by item",
        "zh": "维度均值之差混入了尺度本身的变化：题项在两份问卷中的截距不同；维度间的关系可比，差距宜逐题解读",
    },
    "scalar": {
        "en": "gaps of dimension means may be read as differences of what the dimensions measure; spreads of scores hold different "
        "shares of error in the two forms",
        "zh": "维度均值之差可解释为所测内容之差；两份问卷得分方差所含误差比例不同",
    },
    "strict": {
        "en": "gaps of dimension means may be read as differences of what the dimensions measure, and spreads may be compared",
        "zh": "维度均值之差可解释为所测内容之差，方差亦可比",
    },
}
_UNKNOWN: Text = {
    "en": "what may be compared is not known: no best fit was found even for the structure alone (an item without residual, or too few "
    "items or answers)",
    "zh": "可比性未知：仅就因子结构也未能收敛（某题项无残差，或题项、样本过少）",
}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "not converged": {"en": "no best fit was found", "zh": "未能收敛"},
    "open": {"en": "not judged: an earlier step fails", "zh": "不作判断：前面的步骤已不成立"},
    "no test": {
        "en": "no test of the difference: the step before can't take the values of this one",
        "zh": "无法检验差异：前一步骤的模型取不到本步骤的值",
    },
    "nothing to test": {
        "en": "nothing to test: items with three answers have two thresholds, which a level and a spread always fit",
        "zh": "无可检验：三个选项只有两个阈值，位置与离散即可完全拟合",
    },
}
_PARTIAL: Text = {
    "en": "in part: {freed} {differ} between groups, so compare factor means (means()) and not scores that include these items",
    "zh": "仅部分成立：{freed} 各组不同，宜比较因子均值（means()），不宜直接比较含这些题项的得分",
}
_PARTIAL_LOW: Text = {
    "en": "in part: {freed} {differ} between groups",
    "zh": "仅部分成立：{freed} 各组不同",
}
_FAIR = 0.08  # RMSEA above which a structure fits poorly (Browne and Cudeck 1993)
_HELD = {"yes": {"en": "holds", "zh": "成立"}, "no": {"en": "fails", "zh": "不成立"}, "partial": {"en": "partly", "zh": "部分成立"},
         "": {"en": "", "zh": ""}}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Invariance(Result):
    """The ladder of invariance, and what may still be compared.

    Frame columns: ``step, parameters, chi2, df, p, cfi, rmsea, rmsea_low, rmsea_high, srmr, delta_chi2, delta_df, delta_p,
    delta_cfi, delta_rmsea, rmsea_d, holds, reason``. Differences are to the step before, with what was freed there; ``holds`` is
    "yes", "partial" or "no". Where answers are taken as ordered, chi-square, CFI and RMSEA are scaled and shifted, and
    ``delta_chi2`` is the test of the difference, not the difference of the two.

    Attributes
    ----------
    by, groups, sizes : the split, its groups, the first of which is the reference, and their n
    reached : the last step that holds, "none" if not even the first; ``freed`` what was freed on the way (names)
    solutions : step -> Solution, or OrderedSolution
    worst_cfi, worst_rmsea, least_cfi : the thresholds used; ``worst_rmsea_d`` the further one where answers are ordered
    n_dropped : respondents without a complete answer
    kind : "pearson" (answers are numbers, maximum likelihood) or "polychoric" (ordered answers)
    forms : "" for groups of respondents; "paired" or "independent" where expectations are set beside perceptions
    factors : names of the factors
    """

    by: str = field(kw_only=True)
    groups: tuple[str, ...] = field(kw_only=True)
    sizes: tuple[int, ...] = field(kw_only=True)
    of: Of = field(kw_only=True)
    reached: str = field(kw_only=True)
    freed: tuple[str, ...] = field(kw_only=True)
    solutions: Mapping[str, Any] = field(kw_only=True)
    least_cfi: float = field(kw_only=True)
    worst_cfi: float = field(kw_only=True)
    worst_rmsea: float = field(kw_only=True)
    worst_rmsea_d: float | None = field(default=None, kw_only=True)
    n_dropped: int = field(kw_only=True)
    words: Mapping[str, Text] = field(kw_only=True)
    remarks: tuple[Text, ...] = field(default=(), kw_only=True)
    kind: Kind = field(default="pearson", kw_only=True)
    forms: Forms = field(default="", kw_only=True)
    factors: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def comparable(self) -> bool:
        """Whether means of the dimensions may be compared, or subtracted, as they are.

        Of ordered answers means of scores depend on residual variances too, so all steps must hold.
        """
        enough = ("strict",) if self.kind == "polychoric" else ("scalar", "strict")
        return self.reached in enough and not self.freed

    @property
    def _split(self) -> str:
        """The split column in words."""
        return self.column_words(self.by)

    def title(self) -> str:
        zh = self.language == "zh"
        if self.forms:
            return "期望与感知的测量不变性" if zh else "Is the ruler the same for expectations and perceptions?"
        of = say(OF_WORDS[self.of], self.language)
        return (
            f"各组测量不变性（{self._split}）：{of}"
            if zh
            else f"Is the ruler the same by {self._split}? {of[0].upper()}{of[1:]}"
        )

    def columns(self) -> tuple[Column, ...]:
        steps = ORDERED_STEPS if self.kind == "polychoric" else STEPS
        return (
            Column("step", {"en": "step", "zh": "步骤"}, "text", steps),
            Column("chi2", {"en": "χ²", "zh": "χ²"}, "number"),
            Column("df", {"en": "df", "zh": "自由度"}, "df"),
            Column("cfi", {"en": "CFI", "zh": "CFI"}, "number", decimals=3),
            Column("rmsea", {"en": "RMSEA", "zh": "RMSEA"}, "number", decimals=3),
            Column("srmr", {"en": "SRMR", "zh": "SRMR"}, "number", decimals=3),
            Column("delta_chi2", {"en": "Δχ²", "zh": "Δχ²"}, "number"),
            Column("delta_df", {"en": "Δdf", "zh": "Δ自由度"}, "df"),
            Column("delta_p", {"en": "p", "zh": "p"}, "p"),
            Column("delta_cfi", {"en": "ΔCFI", "zh": "ΔCFI"}, "signed", decimals=3),
            Column("delta_rmsea", {"en": "ΔRMSEA", "zh": "ΔRMSEA"}, "signed", decimals=3),
            *(
                [Column("rmsea_d", {"en": "RMSEA_D", "zh": "RMSEA_D"}, "number", decimals=3)]
                if self.kind == "polychoric"
                else []
            ),
            Column("holds", {"en": "verdict", "zh": "结论"}, "text", _HELD),
            *(
                [Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS)]
                if self.frame["reason"].any()
                else []
            ),
        )

    def verdict(self) -> Text:
        """What may still be compared."""
        ordered = _ORDERED if self.kind == "polychoric" and not self.forms else {}
        words: Mapping[str, Text] = {**COMPARABLE, **(_FORMS if self.forms else {}), **ordered}
        found = _UNKNOWN if self.frame["reason"].iat[0] == "not converged" else words[self.reached]
        if not self.freed:
            return found
        freed = {"en": ", ".join(self.freed), "zh": "、".join(self.freed)}
        differ, glue = "differs" if len(self.freed) == 1 else "differ", {"en": ", ", "zh": "；"}
        partly = _PARTIAL if rank(self.reached) >= rank("scalar") else _PARTIAL_LOW
        said = {
            key: f"{found[key]}{glue[key]}{partly[key].format(freed=freed[key], differ=differ)}" for key in ("en", "zh")
        }
        if not self.forms:
            return said
        return {
            "en": said["en"].replace("between groups", "between the forms"),
            "zh": said["zh"].replace("各组", "两份问卷"),
        }

    def sentence(self) -> str:
        """What may still be compared, in one sentence."""
        verdict = say(self.verdict(), self.language)
        if self.forms:
            head = {"en": "Between expectations and perceptions: ", "zh": "期望与感知之间："}
            return f"{head[self.language]}{verdict}{'。' if self.language == 'zh' else '.'}"
        return f"各组（{self._split}）：{verdict}。" if self.language == "zh" else f"By {self._split}, {verdict}."

    def comparability(self, language: Language | None = None) -> str:
        """For ``compare(..., comparability=...)``: that the ruler was tested, and what may still be compared."""
        tongue = language or self.language
        verdict, zh = say(self.verdict(), tongue), tongue == "zh"
        if self.forms:
            return f"期望与感知的测量不变性已检验：{verdict}" if zh else (
                f"measurement invariance between expectations and perceptions was tested: {verdict}")  # fmt: skip
        split = say(self._variable(self.by).label, tongue) or self.by
        return f"各组（{split}）测量不变性已检验：{verdict}" if zh else (
            f"measurement invariance by {split} was tested: {verdict}")  # fmt: skip

    def note(self) -> str:
        zh = self.language == "zh"
        extra = [say(text, self.language) for text in self.remarks]
        parts = [self.sentence(), *self._doubt(), self._rule(), self._base()]
        parts += [f"{each}。" if zh else f"{each[0].upper()}{each[1:]}." for each in extra]
        return ("" if zh else " ").join(parts)

    def _doubt(self) -> list[str]:
        """That the structure holds by CFI and yet surely leaves more than a fair misfit by RMSEA."""
        first = self.frame.iloc[0]
        if self.reached == "none" or not first["rmsea_low"] > _FAIR:
            return []
        value = f"{first['rmsea']:.3f}"
        return [
            f"结构本身的 RMSEA 为 {value}，高于 {_FAIR:g}：以上结论针对的模型拟合欠佳。"
            if self.language == "zh"
            else f"The structure itself fits with an RMSEA of {value}, above {_FAIR:g}: all this is said of a model that leaves much over."
        ]

    def _rule(self) -> str:
        """When a step holds, and what the test of the difference is."""
        cfi, rmsea, least, zh = (
            f"{self.worst_cfi:g}",
            f"{self.worst_rmsea:g}",
            f"{self.least_cfi:g}",
            self.language == "zh",
        )
        rule = (f"判定：ΔCFI 不低于 −{cfi} 且 ΔRMSEA 不高于 {rmsea}（Cheung 与 Rensvold 2002；Chen 2007）；构型要求 CFI ≥ {least}。" if zh else
                f"A step holds if CFI falls by no more than {cfi} and RMSEA rises by no more than {rmsea} (Cheung and Rensvold 2002; "
                f"Chen 2007), the first if CFI is {least} or more.")  # fmt: skip
        if self.kind == "pearson":
            return rule + (
                "Δχ² 与前一步骤相比，大样本时几乎总是显著。"
                if zh
                else " Δχ² is to the step before, and nearly always significant in large samples."
            )
        return rule + self._ordered_rule()

    def _ordered_rule(self) -> str:
        most = self.worst_rmsea_d
        if self.language == "zh":
            more = "" if most is None else f"，故 p < .05 的差异其 RMSEA_D 还须不高于 {most:g}（Savalei 等 2024）"
            return f"Δχ² 为嵌套模型的校正检验（Satorra 2000），并非两个 χ² 之差。上述界限由连续数据得出，用于有序数据较宽松（Sass 等 2014）{more}。"
        more = "" if most is None else (
            f", so the RMSEA of a difference with p < .05 (RMSEA_D) may not exceed {most:g} either (Savalei et al. 2024)")  # fmt: skip
        return (
            " Δχ² is the scaled and shifted test of the step against the one before (Satorra 2000), not the difference of the two χ². "
            f"These limits come from answers taken as numbers and are lenient for ordered ones (Sass et al. 2014){more}."
        )

    def _base(self) -> str:
        """How it was fitted, to whom, and who is missing."""
        zh = self.language == "zh"
        how = {"pearson": {"en": "Maximum likelihood, for normal answers", "zh": "极大似然（假定正态）"},
               "polychoric": {"en": "Ordered answers: diagonally weighted least squares on thresholds and polychoric correlations "
                              "(WLSMV), theta parameterisation",
                              "zh": "有序作答：对阈值与多分格相关作对角加权最小二乘（WLSMV），theta 参数化"}}[self.kind]  # fmt: skip
        if self.forms == "paired":
            n, lost = f"{self.sizes[0]:,}", f"{self.n_dropped:,}"
            return (
                f"{how['zh']}，同一受访者的两份作答，样本量 {n}；同一题项的残差在两份问卷间允许相关；未使用 {lost} 人。"
                if zh
                else f"{how['en']}; both forms of the same people, n = {n}; residuals of an item may covary across the forms; {lost} "
                "not used."
            )
        sizes = ("、" if zh else ", ").join(
            f"{self._group_words(name)} {n:,}" for name, n in zip(self.groups, self.sizes, strict=True)
        )
        if zh:
            return f"{how['zh']}，样本量：{sizes}；未使用 {self.n_dropped:,} 人。"
        return f"{how['en']}; n: {sizes}; {self.n_dropped:,} not used."

    def _group_words(self, group: str) -> str:
        """A group, or a form, in words."""
        return say(self.words.get(f"group {group}", group), self.language)

    def means(self) -> LatentMeans:
        """Differences of factor means to the first group, where intercepts are (partly) equal; of forms P − E."""
        step = next(
            (name for name in ("scalar", "strict") if name in self.solutions and rank(self.reached) >= rank(name)), None
        )
        if step is None:
            raise SpecError(f"Factor means can't be compared: {say(self.verdict(), 'en')}.")
        return _latent_means(self, self.solutions[step])

    def plot(self, ax: Axes | None = None) -> Axes:
        """CFI and RMSEA of each step beside their limits, and how far the ladder reaches."""
        from servqual.plots.ladder import draw_ladder

        return draw_ladder(self, ax)

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language)


def rank(step: str) -> int:
    """How high a step is; 0 for none."""
    return _RANK.index(step)


@dataclass(frozen=True, eq=False, repr=False)
class LatentMeans(Result):
    """Factor means against the first group: ``factor, group, difference, se, p, standardised, low, high``."""

    reference: str = field(default="", kw_only=True)
    words: Mapping[str, Text] = field(default_factory=dict, kw_only=True)
    kind: Kind = field(default="pearson", kw_only=True)

    def title(self) -> str:
        reference = say(self.words.get(f"group {self.reference}", self.reference), self.language)
        return f"因子均值与“{reference}”组之差" if self.language == "zh" else f"Factor means against {reference}"

    def columns(self) -> tuple[Column, ...]:
        groups = {name.removeprefix("group "): text for name, text in self.words.items() if name.startswith("group ")}
        return (
            Column("factor", {"en": "factor", "zh": "因子"}, "text", self.words),
            Column("group", {"en": "group", "zh": "组"}, "text", groups),
            Column("difference", {"en": "difference", "zh": "差异"}, "signed"),
            Column("se", {"en": "SE", "zh": "标准误"}, "number", decimals=3),
            Column("low", {"en": "95% low", "zh": "95% 下限"}, "signed"),
            Column("high", {"en": "95% high", "zh": "95% 上限"}, "signed"),
            Column("p", {"en": "p", "zh": "p"}, "p"),
            Column("standardised", {"en": "in SDs", "zh": "以标准差计"}, "signed"),
        )

    def note(self) -> str:
        zh = self.language == "zh"
        if self.kind == "polychoric":
            return "单位为每个因子首个题项潜在反应的残差标准差；标准化以参照组的因子标准差为单位。稳健标准误（WLSMV）。" if zh else (
                "In residual SDs of what lies behind each factor's first item; standardised by the reference group's SD of the "
                "factor. Robust errors (WLSMV).")  # fmt: skip
        if zh:
            return "单位为每个因子首个题项的单位；标准化以参照组的因子标准差为单位。极大似然标准误，假定受访者独立。"
        return ("In units of each factor's first item; standardised by the reference group's SD of the factor. Maximum likelihood "
                "errors, respondents taken as independent.")  # fmt: skip


def _latent_means(found: Invariance, solution: Any) -> LatentMeans:
    from scipy.special import erfc, ndtri

    table, lines, z = solution.table, [], float(ndtri(0.975))
    k = len(found.factors)
    reference = np.sqrt(np.abs(solution.matrices[0].factors.diagonal()))[:k]
    for line in np.flatnonzero((table.kind == KINDS.index("mean")) & (table.free >= 0)):
        factor, free = int(table.row[line]) % k, int(table.free[line])
        group = found.groups[1 if found.forms == "paired" else int(table.group[line])]
        value, se = float(solution.theta[free]), float(np.sqrt(solution.covariance[free, free]))
        lines.append((found.factors[factor], group, value, se, value - z * se, value + z * se,
                      float(erfc(abs(value / se) / np.sqrt(2))), value / float(reference[factor])))  # fmt: skip
    columns = ["factor", "group", "difference", "se", "low", "high", "p", "standardised"]
    return LatentMeans(
        pd.DataFrame(lines, columns=columns),
        found.language,
        reference=found.groups[0],
        words=found.words,
        kind=found.kind,
    )
