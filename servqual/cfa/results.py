"""How does a confirmatory factor model show itself? Loadings first, and each further question as a table of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.fit import Solution
from servqual.cfa.indices import FitIndices
from servqual.cfa.modification import modification_table
from servqual.cfa.standardised import Standardised
from servqual.correlations import OF_WORDS, ItemMatrix
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Estimator = Literal["ml", "mlr", "mlm", "wlsmv"]

ESTIMATORS: Mapping[str, Text] = {
    "ml": {"en": "maximum likelihood, for normal answers", "zh": "极大似然（假定正态）"},
    "mlr": {
        "en": "robust maximum likelihood (MLR: sandwich errors, Yuan and Bentler's chi-square)",
        "zh": "稳健极大似然（MLR：夹心标准误，Yuan-Bentler 卡方）",
    },
    "mlm": {
        "en": "maximum likelihood with Satorra and Bentler's chi-square and robust errors (MLM)",
        "zh": "极大似然，Satorra-Bentler 卡方与稳健标准误（MLM）",
    },
    "wlsmv": {
        "en": "diagonally weighted least squares on polychoric correlations (WLSMV)",
        "zh": "多分格相关的对角加权最小二乘（WLSMV）",
    },
}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "fixed": {"en": "fixed at 1: it sets the factor's unit", "zh": "固定为 1，用以确定因子单位"},
    "heywood": {
        "en": "negative residual variance (Heywood case): not to be interpreted",
        "zh": "残差方差为负（Heywood 情形），不可解释",
    },
    "one item": {"en": "one item: needs two or more", "zh": "仅一个题项，至少需要两个"},
    "not a share": {"en": "loadings of the factor are improper", "zh": "该因子的载荷不合理"},
    "unknown pair": {
        "en": "nobody answered both items of some pairs",
        "zh": "有些题项对无人同时作答",
    },
    "no error": {
        "en": "no error: needs the answers, not only their correlations",
        "zh": "无误差：需要原始回答，仅有相关矩阵不够",
    },
}
_GOOD = {"cfi": (0.95, "≥"), "tli": (0.95, "≥"), "rmsea": (0.06, "≤"), "srmr": (0.08, "≤")}
INDEX_WORDS: Mapping[str, Text] = {
    "chi2": {"en": "chi-square", "zh": "卡方"},
    "cfi": {"en": "CFI", "zh": "CFI"},
    "tli": {"en": "TLI", "zh": "TLI"},
    "rmsea": {"en": "RMSEA", "zh": "RMSEA"},
    "srmr": {"en": "SRMR", "zh": "SRMR"},
    "cfi_robust": {"en": "CFI, robust", "zh": "CFI（稳健）"},
    "tli_robust": {"en": "TLI, robust", "zh": "TLI（稳健）"},
    "rmsea_robust": {"en": "RMSEA, robust", "zh": "RMSEA（稳健）"},
    "scaling": {"en": "scaling factor of chi-square", "zh": "卡方校正因子"},
    "shift": {"en": "shift of chi-square", "zh": "卡方平移量"},
    "baseline_chi2": {"en": "chi-square of no correlation", "zh": "独立模型卡方"},
    "logl": {"en": "log-likelihood", "zh": "对数似然"},
    "aic": {"en": "AIC", "zh": "AIC"},
    "bic": {"en": "BIC", "zh": "BIC"},
    "abic": {"en": "BIC, sample-size adjusted", "zh": "BIC（样本量校正）"},
}


@dataclass(frozen=True, eq=False, repr=False)
class FactorModel(Result):
    """A confirmatory factor model: its loadings, and the tables that judge it.

    Frame columns: ``factor, item, estimate, se, z, p, standardised, standardised_se, low, high, explained, reason``; bounds are
    those of the standardised loading at ``level``; ``explained`` is the share of the item's variance that all factors explain.
    Of a second-order factor the "items" are factors.

    Attributes
    ----------
    indices : FitIndices
    problems : what forbids to use the solution, with its cause; empty where it is proper
    remarks : what a reader must know beside
    matrix : what it was fitted to; ``n``, ``n_dropped`` and the missing rule are its own
    estimator, level : as asked
    solution : the estimates as arrays; ``covariance`` (q, q) of them
    standard : the standardised solution with its slopes

    Tables: :meth:`fit`, :meth:`correlations`, :meth:`convergence`, :meth:`distinctness`, :meth:`modification`,
    :meth:`residuals`.
    """

    indices: FitIndices = field(kw_only=True)
    problems: tuple[Text, ...] = field(kw_only=True)
    remarks: tuple[Text, ...] = field(kw_only=True)
    matrix: ItemMatrix = field(kw_only=True)
    estimator: Estimator = field(kw_only=True)
    level: float = field(kw_only=True)
    solution: Solution = field(kw_only=True)
    covariance: Array = field(kw_only=True)
    standard: Standardised = field(kw_only=True)
    convergent: pd.DataFrame = field(kw_only=True)
    pairs: pd.DataFrame = field(kw_only=True)

    @property
    def proper(self) -> bool:
        """Whether nothing forbids to use the solution."""
        return not self.problems

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors of the model, without method and second-order factors."""
        table = self.solution.table
        return tuple(name for name, role in zip(table.factors, table.roles, strict=True) if not role)

    @property
    def words(self) -> dict[str, Text]:
        """What ids of items and factors are called."""
        return self.matrix.words

    @property
    def loadings(self) -> pd.DataFrame:
        """Standardised loadings, items by factors."""
        table = self.solution.table
        return pd.DataFrame(self.standard.loadings, index=list(table.items), columns=list(table.factors))

    @property
    def factor_correlations(self) -> pd.DataFrame:
        """Correlations of the factors, as a square."""
        names = list(self.solution.table.factors)
        return pd.DataFrame(self.standard.factors, index=names, columns=names)

    def title(self) -> str:
        of = say(OF_WORDS[self.matrix.of], self.language)
        return f"验证性因子分析：{of}" if self.language == "zh" else f"Confirmatory factor model: {of}"

    def columns(self) -> tuple[Column, ...]:
        percent = f"{100 * self.level:g}%"
        return (
            Column("factor", {"en": "factor", "zh": "因子"}, "text", self.words),
            Column("item", {"en": "item", "zh": "题项"}, "text", self.words),
            Column("estimate", {"en": "loading", "zh": "载荷"}, "number", decimals=3),
            Column("se", {"en": "SE", "zh": "标准误"}, "number", decimals=3),
            Column("p", {"en": "p", "zh": "p"}, "p"),
            Column("standardised", {"en": "standardised", "zh": "标准化载荷"}, "number", decimals=3),
            Column("low", {"en": f"{percent} low", "zh": f"{percent} 下限"}, "number", decimals=3),
            Column("high", {"en": f"{percent} high", "zh": f"{percent} 上限"}, "number", decimals=3),
            Column("explained", {"en": "explained", "zh": "解释方差"}, "share"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS),
        )

    def note(self) -> str:
        """What is wrong first, then fit, base and method."""
        zh = self.language == "zh"
        said = [*self.problems, self._fit_words(), ESTIMATORS[self.estimator], *self.remarks]
        parts = [say(text, self.language) for text in said]
        base = self.matrix.sentence(self.language)
        if zh:
            return "".join(f"{part}。" for part in parts) + base
        return (
            " ".join(f"{part[0].upper() if part[0].isascii() else part[0]}{part[1:]}." for part in parts) + " " + base
        )

    def _fit_words(self) -> Text:
        one = self.indices
        cfi, tli, rmsea, low, high = (one.cfi, one.tli, one.rmsea, one.rmsea_low, one.rmsea_high)
        if np.isfinite(one.cfi_robust):
            cfi, tli, rmsea = one.cfi_robust, one.tli_robust, one.rmsea_robust
            low, high = one.rmsea_robust_low, one.rmsea_robust_high
        head = f"χ²({one.df}) = {one.chi2:.2f}"
        if one.df == 0:
            return {"en": f"{head}: the model has as many parameters as there are covariances and fits whatever the data, so its "
                    "fit says nothing", "zh": f"{head}：参数与协方差数目相同，模型恰好识别，拟合指标无意义"}  # fmt: skip
        p, shown = _p(one.p), f"{tli:.3f}".replace("-", "−")  # TLI can lie below 0
        body = (
            f"{head}, p {p}, CFI {cfi:.3f}, TLI {shown}, RMSEA {rmsea:.3f} [{low:.3f}, {high:.3f}], SRMR {one.srmr:.3f}"
        )
        return {"en": body, "zh": body.replace(", ", "，").replace(f"[{low:.3f}，", f"[{low:.3f}, ")}

    def sentence(self) -> str:
        """Whether the model may be used and how well it fits, in one sentence."""
        zh = self.language == "zh"
        if self.problems:
            cause = say(self.problems[0], self.language)
            return f"该因子模型不可用：{cause}。" if zh else f"This factor model can't be used: {cause}."
        fit = say(self._fit_words(), self.language)
        k = len(self.factors)
        return (
            f"{k} 因子模型：{fit}（n = {self.matrix.n:,}）。"
            if zh
            else f"Model with {k} factor{'s' * (k > 1)}: {fit} (n = {self.matrix.n:,})."
        )

    def fit(self) -> FitTable:
        """All fit indices with the customary cut-offs."""
        one, nan = self.indices, float("nan")
        beside = {
            "chi2": (nan, nan, one.df, one.p),
            "rmsea": (one.rmsea_low, one.rmsea_high, nan, one.p_close),
            "rmsea_robust": (one.rmsea_robust_low, one.rmsea_robust_high, nan, nan),
            "baseline_chi2": (nan, nan, one.baseline_df, nan),
        }
        idle = {"scaling": 1.0, "shift": 0.0}  # of a chi-square that is not scaled
        values = [(name, float(getattr(one, name))) for name in INDEX_WORDS]
        lines = [(name, value, *beside.get(name, (nan,) * 4), *_judged(name, value))
                 for name, value in values if np.isfinite(value) and idle.get(name) != value]  # fmt: skip
        frame = pd.DataFrame(lines, columns=["index", "value", "low", "high", "df", "p", "cut_off", "met"])
        return FitTable(frame, self.language, estimator=self.estimator, n=one.n, n_parameters=one.n_parameters)

    def correlations(self) -> FactorCorrelations:
        """Correlations of factors with their intervals."""
        from scipy.special import ndtri

        names, errors = list(self.solution.table.factors), self.standard.errors(self.covariance, "factors")
        own = [names.index(name) for name in self.factors]
        z, lines = float(ndtri((1 + self.level) / 2)), []
        for b, a in [(b, a) for b in own for a in own if a < b]:
            r, se = float(self.standard.factors[b, a]), float(errors[b, a])
            reason = "beyond 1" if abs(r) >= 1 else "reaches 1" if abs(r) + z * se >= 1 else ""
            lines.append((names[a], names[b], r, se, r - z * se, r + z * se, reason))
        frame = pd.DataFrame(lines, columns=["first", "second", "estimate", "se", "low", "high", "reason"])
        return FactorCorrelations(frame, self.language, words=self.words, level=self.level)

    def convergence(self) -> ConvergentValidity:
        """Composite reliability and average variance extracted of each factor."""
        return ConvergentValidity(self.convergent, self.language, words=self.words, level=self.level)

    def distinctness(self) -> DiscriminantValidity:
        """Fornell and Larcker's comparison and HTMT of each pair of factors."""
        return DiscriminantValidity(
            self.pairs, self.language, words=self.words, level=self.level, estimator=self.estimator
        )

    def modification(self, *, least: float = 3.84) -> ModificationIndices:
        """What the model would fit better with: score tests of cross-loadings and residual covariances.

        By the expected information (with "fiml" that of the patterns of missing answers), as lavaan's; for ordered answers
        ("wlsmv") generalised score tests from the errors of the polychoric correlations, which are chi-square where the number
        is 0 in truth; lavaan's are not, its changes are the same.

        ``least`` : smallest index shown; with many candidates some exceed 3.84 by chance alone.
        """
        frame = modification_table(self.solution)
        count = len(frame)
        frame = frame[frame["mi"] >= least].reset_index(drop=True)
        return ModificationIndices(
            frame, self.language, words=self.words, count=count, least=least, estimator=self.estimator
        )

    def residuals(self) -> pd.DataFrame:
        """Correlations that the model leaves over, observed minus implied, items by items; nan where nobody answered both."""
        sample, matrices = self.solution.samples[0], self.solution.matrices[0]
        spread, implied = (np.sqrt(each.diagonal()) for each in (sample.covariance, matrices.covariance))
        off = sample.covariance / np.outer(spread, spread) - matrices.covariance / np.outer(implied, implied)
        off = off if sample.known is None else np.where(sample.known, off, np.nan)
        return pd.DataFrame(off, index=list(self.matrix.names), columns=list(self.matrix.names))

    def plot(self, ax: Axes | None = None) -> Axes:
        """The path diagram; for loadings as coloured cells see :func:`servqual.plots.draw_loadings`."""
        from servqual.plots.path import draw_path

        return draw_path(self, ax)

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return replace(self, language=language, matrix=self.matrix.in_language(language))


def _p(value: float) -> str:
    return "< .001" if value < 0.0005 else f"= {value:.3f}".replace("0.", ".", 1)


def _judged(name: str, value: float) -> tuple[str, str]:
    """The customary cut-off of an index and whether it is met."""
    base = name.removesuffix("_robust")
    if base not in _GOOD:
        return "", ""
    bound, sign = _GOOD[base]
    met = value >= bound if sign == "≥" else value <= bound
    return f"{sign} {bound:.2f}".replace("0.", "."), "yes" if met else "no"


@dataclass(frozen=True, eq=False, repr=False)
class FitTable(Result):
    """Fit indices of a factor model: ``index, value, low, high, df, p, cut_off, met``.

    Bounds are the 90 % interval of RMSEA; ``p`` is of exact fit for chi-square, of RMSEA under .05 for RMSEA.
    """

    estimator: Estimator = field(default="ml", kw_only=True)
    n: int = field(default=0, kw_only=True)
    n_parameters: int = field(default=0, kw_only=True)

    def title(self) -> str:
        return "模型拟合" if self.language == "zh" else "Fit of the factor model"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("index", {"en": "index", "zh": "指标"}, "text", INDEX_WORDS),
            Column("value", {"en": "value", "zh": "数值"}, "number", decimals=3),
            Column("low", {"en": "90% low", "zh": "90% 下限"}, "number", decimals=3),
            Column("high", {"en": "90% high", "zh": "90% 上限"}, "number", decimals=3),
            Column("df", {"en": "df", "zh": "自由度"}, "df"),
            Column("p", {"en": "p", "zh": "p"}, "p"),
            Column("cut_off", {"en": "customary cut-off", "zh": "惯用界值"}),
            Column(
                "met",
                {"en": "met", "zh": "达到"},
                "text",
                {"yes": {"en": "yes", "zh": "是"}, "no": {"en": "no", "zh": "否"}},
            ),
        )

    def note(self) -> str:
        how = say(ESTIMATORS[self.estimator], self.language)
        if self.language == "zh":
            return f"{how}；样本量 {self.n:,}，自由参数 {self.n_parameters} 个。p：卡方为精确拟合，RMSEA 为近似拟合（≤ .05）。卡方按 n（而非 n − 1）计算。界值出自 Hu 与 Bentler（1999），并非通则：它们随模型大小与载荷高低而变。"
        return (
            f"{how[0].upper()}{how[1:]}; n = {self.n:,}, {self.n_parameters} free parameters. p is of exact fit for chi-square, of close "
            "fit (RMSEA ≤ .05) for RMSEA. Chi-square is n F, not (n - 1) F, but for WLSMV. Cut-offs are Hu and Bentler's (1999): no "
            "law, since they move with the size of the model and of its loadings."
        )


@dataclass(frozen=True, eq=False, repr=False)
class _WithWords(Result):
    words: Mapping[str, Text] = field(default_factory=dict, kw_only=True)
    level: float = field(default=0.95, kw_only=True)

    def _pair(self) -> tuple[Column, Column]:
        return (Column("first", {"en": "factor", "zh": "因子"}, "text", self.words),
                Column("second", {"en": "and", "zh": "与"}, "text", self.words))  # fmt: skip

    def _bounds(self, name: str = "") -> tuple[Column, Column]:
        percent = f"{100 * self.level:g}%"
        return (Column(f"{name}low", {"en": f"{percent} low", "zh": f"{percent} 下限"}, "number", decimals=3),
                Column(f"{name}high", {"en": f"{percent} high", "zh": f"{percent} 上限"}, "number", decimals=3))  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class FactorCorrelations(_WithWords):
    """Correlations of factors: ``first, second, estimate, se, low, high, reason``."""

    def title(self) -> str:
        return "因子相关" if self.language == "zh" else "Correlations of factors"

    def columns(self) -> tuple[Column, ...]:
        reasons = {"": {"en": "", "zh": ""}, "beyond 1": {"en": "1 or more: not two factors", "zh": "达到或超过 1：并非两个因子"},
                   "reaches 1": {"en": "can't be told from 1", "zh": "与 1 无法区分"}}  # fmt: skip
        return (
            *self._pair(),
            Column("estimate", {"en": "correlation", "zh": "相关"}, "number", decimals=3),
            Column("se", {"en": "SE", "zh": "标准误"}, "number", decimals=3),
            *self._bounds(),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", reasons),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "标准误与区间用 delta 法；区间可超过 1，表示与 1 无法区分。已校正题项的测量误差，故高于维度得分之间的相关。"
        return ("Standard errors and intervals by the delta method; a bound beyond 1 says that r can't be told from 1. Free of the items' error of measurement, so larger "
                "than correlations of dimension scores.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ConvergentValidity(_WithWords):
    """Composite reliability and AVE: ``factor, items, reliability, se, low, high, ave, ave_se, ave_low, ave_high, reason``."""

    def title(self) -> str:
        return "收敛效度" if self.language == "zh" else "Do the items of a factor belong together?"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("factor", {"en": "factor", "zh": "因子"}, "text", self.words),
            Column("items", {"en": "items", "zh": "题项数"}, "count"),
            Column("reliability", {"en": "composite reliability", "zh": "组合信度"}, "number", decimals=3),
            *self._bounds(),
            Column("ave", {"en": "AVE", "zh": "AVE"}, "number", decimals=3),
            *self._bounds("ave_"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "由标准化载荷计算，区间用 delta 法（logit 尺度）。惯用界值：组合信度 .70，AVE .50（Fornell 与 Larcker 1981）。"
        return ("From standardised loadings; intervals by the delta method on the logit scale. Customary floors: reliability .70, "
                "AVE .50 (Fornell and Larcker 1981).")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class DiscriminantValidity(_WithWords):
    """Are two factors two? A row per pair: ``first, second, r, r_squared, least_ave, fornell_larcker, htmt, htmt_se, htmt_low,
    htmt_high, htmt2, htmt2_se, htmt2_low, htmt2_high, reason``; ``fornell_larcker`` is whether r² stays under both AVE.
    """

    estimator: Estimator = field(default="ml", kw_only=True)

    def title(self) -> str:
        return "区分效度" if self.language == "zh" else "Are the factors distinct?"

    def columns(self) -> tuple[Column, ...]:
        passes = {"yes": {"en": "passes", "zh": "通过"}, "no": {"en": "fails", "zh": "未通过"}}
        return (
            *self._pair(),
            Column("r", {"en": "r", "zh": "相关"}, "number", decimals=3),
            Column("r_squared", {"en": "r²", "zh": "r²"}, "number", decimals=3),
            Column("least_ave", {"en": "smaller AVE", "zh": "较小 AVE"}, "number", decimals=3),
            Column("fornell_larcker", {"en": "Fornell–Larcker", "zh": "Fornell–Larcker"}, "text", passes),
            Column("htmt", {"en": "HTMT", "zh": "HTMT"}, "number", decimals=3),
            *self._bounds("htmt_"),
            Column("htmt2", {"en": "HTMT2", "zh": "HTMT2"}, "number", decimals=3),
            *self._bounds("htmt2_"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS),
        )

    def note(self) -> str:
        robust, ordered = self.estimator in ("mlr", "mlm"), self.estimator == "wlsmv"
        if self.language == "zh":
            how = (
                "由多分格相关的渐近协方差计算"
                if ordered
                else "由各行影响值计算（稳健）"
                if robust
                else "假定回答服从正态"
            )
            return f"HTMT 取相关的绝对值；高于 .85（或 .90）表示两个因子难以区分；区间用 delta 法，{how}。"
        how = "from the errors of the polychoric correlations" if ordered else (
            "from the rows' influence" if robust else "for normal answers")  # fmt: skip
        return (f"HTMT takes absolute correlations; over .85 (or .90) two factors are hardly distinct. Intervals by the delta method, "
                f"{how}. Fornell and Larcker compare r² with the smaller AVE.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ModificationIndices(_WithWords):
    """What the fit would gain by: ``kind, left, right, mi, p, change, change_standardised``, largest first."""

    count: int = field(default=0, kw_only=True)
    least: float = field(default=3.84, kw_only=True)
    estimator: Estimator = field(default="ml", kw_only=True)

    def title(self) -> str:
        return "修正指数" if self.language == "zh" else "What would the model fit better with?"

    def columns(self) -> tuple[Column, ...]:
        kinds = {
            "loading": {"en": "loads on", "zh": "载荷于"},
            "residual": {"en": "has a residual that covaries with that of", "zh": "残差相关于"},
        }
        return (
            Column("right", {"en": "item", "zh": "题项"}, "text", self.words),
            Column("kind", {"en": "change", "zh": "修正"}, "text", kinds),
            Column("left", {"en": "with", "zh": "对象"}, "text", self.words),
            Column(
                "mi",
                {"en": "score test", "zh": "得分检验"}
                if self.estimator == "wlsmv"
                else {"en": "chi-square falls by", "zh": "卡方下降"},
                "number",
                decimals=1,
            ),
            Column("p", {"en": "p", "zh": "p"}, "p"),
            Column("change_standardised", {"en": "to (standardised)", "zh": "预期值（标准化）"}, "number"),
        )

    def note(self) -> str:
        ordered = self.estimator == "wlsmv"
        if self.language == "zh":
            how = "广义得分检验（稳健），与名义卡方的下降值不同。" if ordered else ""
            return f"{how}共检验 {self.count:,} 项，列出不小于 {self.least:g} 者；检验众多，偶然显著难免。仅在理论支持且有新样本验证时才修改模型。"
        how = (
            "Generalised score tests, which hold for ordered answers; chi-square itself falls by another amount. "
            if ordered
            else ""
        )
        return (f"{how}{self.count:,} candidates were tested, those of {self.least:g} or more are shown; among so many some are large "
                "by chance. Change a model only where theory asks for it, and confirm it on new answers.")  # fmt: skip
