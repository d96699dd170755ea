"""The fitted weights as a result: one row per indicator, and how near scores come to customers' ratings with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from servqual.index_weights.pull import REPEATS
from servqual.inference import NUMBER_COLUMNS
from servqual.tabulation import Estimates
from survey_design.errors import SpecError
from survey_design.results import Column, Estimate, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Shrink = Literal["auto", "best"]
Part = Literal["indicator", "category"]

ALL = "(all stores)"

_PARTS: Mapping[str, Text] = {
    "indicator": {"en": "indicator", "zh": "指标", "many": "indicators"},
    "category": {"en": "category", "zh": "类别", "many": "categories"},
}
WEIGHT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "constant": {"en": "the same score in all stores: kept at its start weight", "zh": "各店得分相同，保留起始权重"},
    "few": {"en": "too few stores of its own: weights of all stores", "zh": "自身门店过少，采用全部门店的权重"},
    "kept": {"en": "the data do not speak against the start weights: kept", "zh": "数据不足以改变起始权重，予以保留"},
    "refused": {
        "en": "a fit is no better in stores not seen: kept at its start weight",
        "zh": "拟合在未用于拟合的门店中并无改善，保留起始权重",
    },
}
_SETS: Mapping[str, Text] = {
    "start": {"en": "start weights", "zh": "起始权重"},
    "fitted": {"en": "fitted weights", "zh": "拟合权重"},
}
_SAMPLES: Mapping[str, Text] = {
    "in sample": {"en": "in sample", "zh": "样本内"},
    "cross-validated": {"en": "cross-validated", "zh": "交叉验证"},
}


@dataclass(frozen=True, eq=False, repr=False)
class WeightAgreement(Result):
    """How near scores come to customers' ratings, before and after the fit.

    Frame columns: the split column; ``weights`` ("start", "fitted"), ``sample`` ("in sample", "cross-validated"); ``n`` stores;
    ``r, r_low, r_high``; ``bias`` (scores less ratings), ``rmse``; ``rmse_corrected`` (without what the error of few visits adds,
    nan where that is not known). Start weights learn nothing but the intercept, so their two samples differ in that alone.
    """

    by_columns: tuple[Column, ...] = ()
    level: float = 0.95
    corrected: bool = False

    def title(self) -> str:
        return (
            "与客户评价的接近程度：拟合前后"
            if self.language == "zh"
            else "Nearness to customers' ratings before and after the fit"
        )

    def columns(self) -> tuple[Column, ...]:
        return (
            *self.by_columns,
            Column("weights", {"en": "weights", "zh": "权重"}, "text", _SETS),
            Column("sample", {"en": "sample", "zh": "样本"}, "text", _SAMPLES),
            Column("n", {"en": "stores", "zh": "门店数"}, "count"),
            Column("r", {"en": "r", "zh": "相关 r"}, "number"),
            Column("r_low", {"en": "low (r)", "zh": "下限（r）"}, "number"),
            Column("r_high", {"en": "high (r)", "zh": "上限（r）"}, "number"),
            Column("bias", {"en": "bias", "zh": "偏差"}, "signed"),
            Column("rmse", {"en": "RMSE", "zh": "均方根误差"}, "number"),
            *([Column("rmse_corrected", {"en": "RMSE without error of visits", "zh": "均方根误差（扣除访问误差）"}, "number")]
              if self.frame["rmse_corrected"].notna().any() else []),
        )  # fmt: skip

    def note(self) -> str:
        percent = f"{100 * self.level:g}%"
        if self.language == "zh":
            more = (
                "；拟合使“扣除访问误差”（样本内仅扣除已校正部分）的均方根误差最小，实际得分的均方根误差可能略高"
                if self.corrected
                else ""
            )
            return f"单位为 0–100 分，门店按客户样本量加权；相关附 {percent} 区间（Fisher z）；交叉验证在各折内重新选择收缩强度{more}。"
        more = (
            "; the fit minimises the RMSE without error of visits (in sample as far as that was taken off), that of the scores as they are may be larger"
            if self.corrected
            else ""
        )
        return (f"Points of 0 to 100, stores weighted by their customers; r with {percent} intervals (Fisher's z); cross-validation "
                f"chooses the pull anew within every fold{more}.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class FittedWeights(Estimates):
    """Weights of the indicators fitted to customers' ratings, one row each and per group.

    Frame columns: the split column; ``indicator``; ``start, weight`` with ``low, high`` (bootstrap over stores) and
    ``at_zero`` (share of bootstrap samples in which the weight is 0); ``change`` (weight − start); ``uncorrected`` (the weight
    without correction for the error of the scores) and ``reliability`` of the indicator's store means, nan where the error is
    not known; ``reason``.

    Attributes
    ----------
    fits : DataFrame, a row per group: ``group, source`` ("own" or "pooled"), ``n`` stores, ``visits`` (the median per store, nan
        if not known), ``penalty`` (pull to the start weights), ``effective`` (number of indicators), ``zeros, applied`` (share
        of the scores' error that was taken off), ``refused`` (the best pull gained nothing in stores not seen, so that the start weights
        stay), ``gain, gain_low, gain_high`` (cross-validated mean
        squared error of the start weights less that of the fitted ones)
    agreement : WeightAgreement
    curves : DataFrame ``group, penalty, error, excess, se`` of the cross-validation
    predictions : DataFrame, a row per store: ``store, group, rating, n, start, fitted, cross_validated``
    unmatched : stores that could not be used, and why
    within : weights of the indicators within categories, where categories were fitted
    corrected, intercept, shrink, replicates, folds, seed : how the fit was made
    checklists_own : True where it began with the checklist's own weights
    """

    fits: pd.DataFrame = field(default_factory=pd.DataFrame)
    agreement: WeightAgreement = None  # type: ignore[assignment]
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    unmatched: pd.DataFrame = field(default_factory=pd.DataFrame)
    words: Mapping[str, Text] = field(default_factory=dict)
    within: pd.DataFrame | None = None
    corrected: bool = False
    intercept: bool = False
    shrink: Shrink | float = "auto"
    replicates: int = 500
    folds: int = 10
    seed: int = 0
    checklists_own: bool = False

    @property
    def part(self) -> Part:
        """What was weighted."""
        return "indicator" if self.within is None else "category"

    def title(self) -> str:
        return self.titled({"en": "Weights fitted to customers' ratings", "zh": "依客户评价拟合的指标权重"})

    def columns(self) -> tuple[Column, ...]:
        number = {"kind": "number", "decimals": 3}
        error = (
            Column("uncorrected", {"en": "not corrected", "zh": "未校正"}, **number),  # type: ignore[arg-type]
            Column("reliability", {"en": "reliability", "zh": "信度"}, "number"),
        )
        return (
            *self.by_columns,
            Column("indicator", _PARTS[self.part], "text", self.words),
            Column("start", {"en": "start weight", "zh": "起始权重"}, **number),  # type: ignore[arg-type]
            Column("weight", {"en": "weight", "zh": "拟合权重"}, **number),  # type: ignore[arg-type]
            *(replace(NUMBER_COLUMNS[name], decimals=3) for name in ("low", "high")),
            Column("at_zero", {"en": "samples with 0", "zh": "自助样本中为 0"}, "share"),
            *(error if self.frame["uncorrected"].notna().any() else ()),
            *self.reasons(WEIGHT_REASONS),
        )

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return self.how()

    def how(self, kind: Text = WEIGHT_REASONS[""]) -> str:
        percent = f"{100 * self.level:g}%"
        if not self.frame["low"].notna().any():
            return (
                "保留起始权重，故无区间" if self.language == "zh" else "no intervals, since the start weights are kept"
            )
        if self.language == "zh":
            return f"{percent} 区间：对门店自助抽样 {self.replicates:,} 次（种子 {self.seed}），分位数法，收缩强度固定；权重在 0 附近时仅为近似"
        return (f"{percent} intervals: bootstrap of stores, {self.replicates:,} samples (seed {self.seed}), percentiles, the pull held "
                "fixed; near 0 they are approximate")  # fmt: skip

    def about(self) -> tuple[Text, ...]:
        return (
            {"en": "weights are 0 or more, sum to 1 and minimise the squared distance to the ratings, weighted by customers"
                   + (", with an intercept" if self.intercept else ", without an intercept: they must meet the level of the ratings, too"),
             "zh": "权重非负、和为 1，使与客户评价的（按客户数加权的）平方距离最小，" + ("含截距" if self.intercept else "不含截距，故须同时贴近评价的水平")},
            self._pull_words(),
            *self._error_words(),
        )  # fmt: skip

    def _pull_words(self) -> Text:
        if not isinstance(self.shrink, str):
            return {
                "en": f"pull to the start weights as given: {self.shrink:g}",
                "zh": f"向起始权重的收缩强度为给定值 {self.shrink:g}",
            }
        auto = self.shrink == "auto"
        en, zh = (
            (
                "the largest within one standard error of the best, and no change where stores not seen gain nothing",
                "与最优者相差不超过一个标准误者中取最大；在未用于拟合的门店中无改善时不作改变",
            )
            if auto
            else ("the best", "取最优者")
        )
        return {"en": f"pull to the start weights by {self.folds}-fold cross-validation over stores, {REPEATS} partitions: {en}",
                "zh": f"向起始权重的收缩强度由门店 {self.folds} 折交叉验证（重复划分 {REPEATS} 次）选定：{zh}"}  # fmt: skip

    def _error_words(self) -> tuple[Text, ...]:
        if not self.corrected:
            return ({"en": "not corrected for the error of few visits: weights of noisy indicators come out too small",
                     "zh": "未校正访问次数少带来的误差，噪声大的指标权重偏小"},)  # fmt: skip
        if not self.fits["applied"].any():
            return ({"en": "too few stores to correct for the error of few visits: nothing could be taken off",
                     "zh": "门店过少，无法校正访问次数少带来的误差"},)  # fmt: skip
        shares = sorted({f"{100 * share:.0f}%" for share in self.fits["applied"]})
        return ({"en": "corrected for the error of the stores' scores: of its covariance, from repeated visits or as given, "
                       f"{', '.join(shares)} was taken off (Fuller's modification)",
                 "zh": f"已校正门店得分的误差：由重复访问估得（或给定）的误差协方差扣除了 {'、'.join(shares)}（Fuller 修正）"},)  # fmt: skip

    def in_language(self, language: Language) -> FittedWeights:
        """The same weights, shown in English or Chinese."""
        return replace(self, language=language, agreement=self.agreement.in_language(language))

    # -- what can be asked

    def row(self, indicator: str, **group: Any) -> pd.Series:
        """The numbers of one indicator."""
        return self.find("indicator", indicator, group, "Indicators")

    def weights(self, **group: Any) -> pd.Series:
        """The fitted weights by indicator."""
        return self._values("weight", group)

    def estimate(self, indicator: str, **group: Any) -> Estimate:
        """One weight with its interval; n is the number of stores."""
        row = self.row(indicator, **group)
        return Estimate(row["weight"], np.nan, row["low"], row["high"], int(row["n"]), np.nan, self.level, method=self.method,
                        reason=say(WEIGHT_REASONS[row["reason"]], self.language))  # fmt: skip

    def start(self, **group: Any) -> pd.Series:
        """The weights it began with, by indicator."""
        return self._values("start", group)

    def _values(self, column: str, group: Mapping[str, Any]) -> pd.Series:
        names = list(dict.fromkeys(self.frame["indicator"]))
        rows = [self.find("indicator", name, group, "Indicators") for name in names]
        return pd.Series([row[column] for row in rows], index=names, name=column, dtype=float)

    def for_stores(self) -> pd.DataFrame:
        """A row of weights of the indicators for every store of the fit: what ``score_visits(visits, weights=…)`` takes."""
        names = list(dict.fromkeys(self.frame["indicator"]))
        wide = {ALL: self.frame} if not self.by else dict(list(self.frame.groupby(self.by[0], sort=False)))
        table = {group: rows.set_index("indicator")["weight"].reindex(names) for group, rows in wide.items()}
        rows = [table[group if self.by else ALL].to_numpy() for group in self.predictions["group"]]
        found = pd.DataFrame(rows, columns=names, index=pd.Index(self.predictions["store"], name="store"))
        return found if self.within is None else found @ self.within.loc[names]

    def fit_of(self, **group: Any) -> pd.Series:
        """How the weights of one group were fitted: a row of ``fits``."""
        wanted = group[self.by[0]] if self.by and set(group) == set(self.by) else ALL
        hit = self.fits[self.fits["group"] == wanted]
        if hit.empty or set(group) != set(self.by):
            raise SpecError(
                f"name one value for each of {', '.join(self.by) or 'no column'}: {', '.join(map(str, self.fits['group']))}."
            )
        return hit.iloc[0]

    def sentence(self, indicator: str | None = None, **group: Any) -> str:
        """The fit in words, or one weight with its interval."""
        if indicator is None:
            return self._fit_words(self.fit_of(**group))
        row, zh = self.row(indicator, **group), self.language == "zh"
        place = self.beside(say(self.words.get(indicator, {"en": indicator}), self.language), row)
        values = [f"{row[name]:.3f}" for name in ("weight", "start", "low", "high")]
        why = say(WEIGHT_REASONS[row["reason"]], self.language)
        if not np.isfinite(row["low"]):
            return f"{place}：权重 {values[0]}（{why}）。" if zh else f"{place}: weight {values[0]} ({why})."
        percent = f"{100 * self.level:g}%"
        if zh:
            return f"{place}：权重由 {values[1]} 变为 {values[0]}（{percent} 区间 {values[2]} 至 {values[3]}）。"
        return f"{place}: weight {values[0]} ({percent} interval {values[2]} to {values[3]}), {values[1]} at the start."

    def _fit_words(self, fit: pd.Series) -> str:
        zh, k = self.language == "zh", len(set(self.frame["indicator"]))
        wanted = ALL if fit["source"] == "pooled" else fit["group"]
        rows = self.agreement.frame[self.agreement.frame["group"] == wanted]
        said = []
        for sample, words in _SAMPLES.items():
            before, after = (
                rows[(rows["weights"] == name) & (rows["sample"] == sample)].iloc[0] for name in ("start", "fitted")
            )
            numbers = f"{before['rmse']:.1f} → {after['rmse']:.1f}, r {before['r']:.2f} → {after['r']:.2f}".replace(
                "-", "−"
            )
            said.append(f"{words['zh']} {numbers.replace(', ', '、')}" if zh else f"{numbers} {words['en']}")
        n, effective, zeros = int(fit["n"]), f"{fit['effective']:.1f}", int(fit["zeros"])
        kept, doubt = self._verdict(fit)
        if zh:
            return f"{n} 家门店：{kept}均方根误差{'；'.join(said)}{doubt}；{k} 个{_PARTS[self.part]['zh']}的有效个数为 {effective}，{zeros} 个权重为 0。"
        count = f"{zeros} {'has' if zeros == 1 else 'have'} weight 0"
        return f"{n} stores: {kept}RMSE {'; '.join(said)}{doubt}; of {k} {_PARTS[self.part]['many']} {effective} effectively count, {count}."

    def _verdict(self, fit: pd.Series) -> tuple[str, str]:
        """What to do with these weights: words before the numbers where nothing is changed, words after them where it is."""
        zh, own = self.language == "zh", self.checklists_own
        whose = ("检查表原" if own else "起始") if zh else "checklist's" if own else "start"
        keep = f"保留{whose}权重" if zh else f"keep the {whose} weights"
        if np.isinf(fit["penalty"]):
            if zh:
                why = "其他权重在未用于拟合的门店中并无改善" if fit["refused"] else "数据不足以支持改变"
                return f"{keep}（{why}）；", ""
            why = "others do no better in stores not seen" if fit["refused"] else "the data do not speak against them"
            return f"{keep}, since {why}; ", ""
        if fit["gain"] <= 0:
            return "", f"（在未用于拟合的门店中并无改善：{keep}）" if zh else f" (no better in stores not seen: {keep})"
        if fit["gain_low"] > 0:
            return "", ""
        return "", "（交叉验证的变化可能出于偶然）" if zh else " (the change in cross-validation may be chance)"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every weight with its interval, and where it started."""
        from servqual.plots.store_scores import draw_fitted_weights

        return draw_fitted_weights(self, ax)
