"""The table of agreement: every coefficient that the design allows, and in words which of them to report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.agreement.clusters import clusters_of, icc_names, with_clusters
from servqual.agreement.coefficients import (
    Chance,
    agreement_weights,
    alpha_replicates,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    intraclass_correlations,
    kendall_w,
    krippendorff_alpha,
)
from servqual.agreement.ratings import Ratings, Scale, read_ratings
from servqual.inference import NUMBER_COLUMNS, t_interval
from servqual.proportions import proportion_interval
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Estimate, Result, Text, say

Array = NDArray[Any]
Row = dict[str, Any]

_MANY = 30  # categories from which on the same value twice says little: ratings are measurements
_LOST = 0.05  # replicates without an alpha that are passed over
_HIGH, _APART = 0.8, 0.2  # agreement that is high, and how far kappa must lie below AC1 for the paradox to be named
_NO_ERROR = 1e-12  # below it an error is that of rounding
_NAN = float("nan")

COEFFICIENTS: Mapping[str, Text] = {
    "agreement": {"en": "pairs that agree", "zh": "一致的评分对"},
    "cohen": {"en": "Cohen's kappa", "zh": "Cohen κ"},
    "cohen_linear": {"en": "Cohen's kappa, linear weights", "zh": "Cohen κ（线性加权）"},
    "cohen_quadratic": {"en": "Cohen's kappa, quadratic weights", "zh": "Cohen κ（平方加权）"},
    "fleiss": {"en": "Fleiss' kappa", "zh": "Fleiss κ"},
    "fleiss_category": {"en": "Fleiss' kappa of one category", "zh": "单个类别的 Fleiss κ"},
    "ac1": {"en": "Gwet's AC1", "zh": "Gwet AC1"},
    "ac2": {"en": "Gwet's AC2", "zh": "Gwet AC2"},
    "alpha": {"en": "Krippendorff's alpha", "zh": "Krippendorff α"},
    **{f"icc{form}_{of}": {"en": f"ICC({form},{of})", "zh": f"ICC({form},{of})"} for of in "1k" for form in "123"},
    "kendall_w": {"en": "Kendall's W", "zh": "Kendall 和谐系数 W"},
}
METHODS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "wilson": {"en": "Wilson", "zh": "Wilson 法"},
    "units": {"en": "units drawn at random, t", "zh": "单位视为随机抽取，t 法"},
    "normal": {"en": "Fleiss, Cohen and Everitt, normal", "zh": "Fleiss–Cohen–Everitt 标准误，正态法"},
    "bootstrap": {"en": "bootstrap of whole units, percentiles", "zh": "整单位自助抽样，分位数法"},
    "clusters": {"en": "clusters, jackknife, t", "zh": "群，刀切法，t 法"},
    "f": {"en": "F, Shrout and Fleiss", "zh": "F 分布（Shrout–Fleiss）"},
    "chi": {"en": "chi-square test", "zh": "卡方检验"},
}
AGREEMENT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "one category": {
        "en": "everybody said the same throughout: nothing beyond chance can be seen",
        "zh": "所有评分相同，无从判断是否超出偶然一致",
    },
    "no spread": {"en": "units or ratings do not vary", "zh": "各单位或评分没有差异"},
    "lowest": {
        "en": "that of a single rating is at its lowest, so the mean has none",
        "zh": "单个评分的系数已达下限，均值的系数无定义",
    },
    "incomplete": {"en": "needs two units rated by everybody", "zh": "至少需要两个所有评分者都评过的单位"},
    "replicates": {
        "en": "too many bootstrap samples hold one category only: no interval",
        "zh": "过多自助样本只含一个类别，无区间",
    },
    "no variance": {
        "en": "every unit contributes the same: how far others would differ cannot be seen, so no interval",
        "zh": "各单位贡献相同，无从判断其他单位会相差多少，无区间",
    },
    "one cluster": {
        "en": "without one of the clusters it has no value: no interval",
        "zh": "剔除其中一群后系数无值，无区间",
    },
}
_REPORT: Any = {True: {"en": "yes", "zh": "是"}, False: {"en": "", "zh": ""}}
_SCALES: Mapping[str, Text] = {
    "nominal": {"en": "nominal", "zh": "名义"},
    "ordinal": {"en": "ordinal", "zh": "顺序"},
    "interval": {"en": "interval", "zh": "等距"},
    "ratio": {"en": "ratio", "zh": "等比"},
}
_ADVICE: Mapping[str, Text] = {
    "paradox": {
        "en": "raters agree in {agreed} of pairs, yet {kappa} is {value}: {most} of all ratings are {category}, so that kappa takes "
        "nearly all of it for chance. Report AC1 ({ac1}) beside the share that agrees, and say that the category is common",
        "zh": "评分者有 {agreed} 的评分对一致，{kappa} 却只有 {value}：全部评分的 {most} 为“{category}”，κ 因此把大部分一致视为偶然。"
        "宜报告 AC1（{ac1}）和一致比例，并说明该类别占比很高",
    },
    "one category": {
        "en": "everybody said the same throughout: report the share that agrees, and that the checklist could not show more here",
        "zh": "所有评分相同：报告一致比例，并说明本次数据无法显示更多",
    },
    "two nominal": {
        "en": "two raters and unordered categories: report Cohen's kappa with the share that agrees",
        "zh": "两名评分者、无序类别：报告 Cohen κ 和一致比例",
    },
    "many nominal": {
        "en": "several raters, unordered categories, nothing missing: report Fleiss' kappa, and look at its categories",
        "zh": "多名评分者、无序类别、无缺失：报告 Fleiss κ，并查看各类别的 κ",
    },
    "gaps": {
        "en": "not everybody rated every unit: report Krippendorff's alpha, which takes missing ratings as they are",
        "zh": "并非每名评分者都评过每个单位：报告 Krippendorff α，它可直接处理缺失",
    },
    "two ordinal": {
        "en": "two raters and ordered categories: report kappa with quadratic weights, which comes near to ICC(2,1), or linear "
        "weights where every step counts the same; decide before looking",
        "zh": "两名评分者、有序类别：报告平方加权 κ（接近 ICC(2,1)）；若每级差距同等重要，用线性加权；应事先选定",
    },
    "many ordinal": {
        "en": "several raters and ordered categories: report Krippendorff's alpha; W only says whether the order is the same",
        "zh": "多名评分者、有序类别：报告 Krippendorff α；W 只说明排序是否一致",
    },
    "crossed": {
        "en": "the same raters rated every unit: report ICC(2,1) where one rater's score is to stand for any rater's, ICC(2,k) for "
        "the mean of {k}; ICC(3,·) only where always these raters rate and nothing but the order counts",
        "zh": "同一批评分者评了全部单位：若用一名评分者的分数代表任一评分者，报告 ICC(2,1)；用 {k} 人均值则报告 ICC(2,k)；"
        "仅当永远由这些人评分且只看排序时才用 ICC(3,·)",
    },
    "nameless": {
        "en": "raters have no names here, so their severity cannot be told from error: report ICC(1,1), or ICC(1,k) for the mean of {k}",
        "zh": "评分者未具名，其宽严无法与误差分开：报告 ICC(1,1)；用 {k} 人均值则报告 ICC(1,k)",
    },
    "measured gaps": {
        "en": "not everybody rated every unit: report Krippendorff's alpha; dependability() splits stores, inspectors and error",
        "zh": "并非每名评分者都评过每个单位：报告 Krippendorff α；dependability() 可分解门店、检查员与误差",
    },
}  # fmt: skip


# --- the result --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Result):
    """Coefficients of agreement, one row each.

    Frame columns: ``coefficient, category`` (for Fleiss' kappa of one category), ``value, se, low, high, se_null, p, n``
    (units), ``method, reason, advised`` (True for what fits the design).

    Attributes
    ----------
    ratings : what was compared
    advice : why these coefficients are advised
    level, replicates, seed : as asked for
    clusters : how many clusters errors come from; 0 where they come from units
    """

    ratings: Ratings | None = None
    advice: Text = field(default_factory=dict)
    level: float = 0.95
    replicates: int = 2000
    seed: int = 0
    clusters: int = 0

    def title(self) -> str:
        if self.language == "zh":
            return f"评分者一致性（{say(_SCALES[self._read.scale], 'zh')}尺度）"
        return f"Agreement between raters ({self._read.scale} scale)"

    @property
    def _read(self) -> Ratings:
        if self.ratings is None:
            raise SpecError("this table was made without its ratings.")
        return self.ratings

    def columns(self) -> tuple[Column, ...]:
        shown = [Column("coefficient", {"en": "coefficient", "zh": "系数"}, "text", COEFFICIENTS)]
        if self.frame["category"].ne("").any():
            shown.append(Column("category", {"en": "category", "zh": "类别"}))
        numbers = [Column("value", {"en": "value", "zh": "数值"}, "number", decimals=3), NUMBER_COLUMNS["se"],
                   Column("low", {"en": "low", "zh": "下限"}, "number", decimals=3),
                   Column("high", {"en": "high", "zh": "上限"}, "number", decimals=3),
                   NUMBER_COLUMNS["p"], Column("n", {"en": "units", "zh": "单位数"}, "count")]  # fmt: skip
        words = [Column("method", {"en": "interval", "zh": "区间方法"}, "text", METHODS),
                 Column("reason", {"en": "remark", "zh": "备注"}, "text", AGREEMENT_REASONS),
                 Column("advised", {"en": "report", "zh": "宜报告"}, "text", _REPORT)]  # fmt: skip
        return (
            *shown,
            *numbers,
            *(column for column in words if column.name != "reason" or self.frame["reason"].any()),
        )

    def note(self) -> str:
        read, zh = self._read, self.language == "zh"
        m = int((read.codes >= 0).sum())
        parts = [f"{len(read.units):,} 个单位、{len(read.raters):,} 名评分者、{m:,} 个评分" if zh else
                 f"{len(read.units):,} units, {len(read.raters):,} raters, {m:,} ratings"]  # fmt: skip
        if read.alone:
            one = read.alone == 1
            parts.append(f"另有 {read.alone:,} 个单位不足两个评分，未计入" if zh else
                         f"{read.alone:,} unit{'' if one else 's'} with fewer than two ratings left out")  # fmt: skip
        if read.apart:
            names = ("、" if zh else ", ").join(map(str, read.apart))
            parts.append(f"未与他人共评任何单位的评分者：{names}" if zh else f"shared no unit with anybody: {names}")
        if self.clusters:
            parts.append(f"误差按 {self.clusters:,} 个群逐一剔除估计（刀切法）" if zh else
                         f"errors from leaving out one of {self.clusters:,} clusters at a time (jackknife)")  # fmt: skip
        drawn = "" if self.clusters else (
            f"；α 的区间来自 {self.replicates:,} 次自助抽样（种子 {self.seed}）" if zh else
            f"; that of alpha from {self.replicates:,} bootstrap samples (seed {self.seed})")  # fmt: skip
        parts.append(f"{100 * self.level:g}% {'区间' if zh else 'intervals'}{drawn}")
        head = f"{'；'.join(parts)}。" if zh else f"{'; '.join(parts)}. "
        advice = say(self.advice, self.language)
        return head + (f"{advice}。" if zh else f"{advice[:1].upper()}{advice[1:]}.")

    def estimate(self, coefficient: str, category: Any = "") -> Estimate:
        """One coefficient with its error and base."""
        hit = self.frame[(self.frame["coefficient"] == coefficient) & (self.frame["category"] == category)]
        if hit.empty:
            known = ", ".join(dict.fromkeys(self.frame["coefficient"]))
            raise SpecError(
                f"there is no coefficient {coefficient!r} of category {category!r} here. There are: {known}."
            )
        row = hit.iloc[0]
        return Estimate(row["value"], row["se"], row["low"], row["high"], int(row["n"]), _NAN, self.level, row["p"],
                        method=say(METHODS[row["method"]], self.language),
                        reason=say(AGREEMENT_REASONS[row["reason"]], self.language))  # fmt: skip

    def sentence(self) -> str:
        """What is advised, with its interval, and why."""
        zh, said = self.language == "zh", []
        for coefficient in map(str, self.frame.loc[self.frame["advised"], "coefficient"]):
            name, shown = say(COEFFICIENTS[coefficient], self.language), self.estimate(coefficient)
            value = "–" if np.isnan(shown.value) else f"{shown.value:.2f}".replace("-", "−")
            said.append(f"{name} = {value}（{shown.interval('zh')}，{shown.n:,} 个单位）" if zh else
                        f"{name} {value} ({shown.interval()}, {shown.n:,} units)")  # fmt: skip
        advice = say(self.advice, self.language)
        return f"{'；'.join(said)}。{advice}。" if zh else f"{'; '.join(said)}. {advice[:1].upper()}{advice[1:]}."

    def disagreements(self, n: int | None = 20) -> pd.DataFrame:
        """The units where raters differ most, the worst first, with what each rater said.

        Parameters
        ----------
        n : how many units; None for all

        Returns
        -------
        DataFrame
            ``unit, apart, n_ratings`` and one column per rater. ``apart`` is the mean over pairs of raters: the share that
            differ (nominal), the steps between their categories (ordinal), the difference (interval, ratio).

        Examples
        --------
        >>> visits = pd.DataFrame({"first": [1, 3, 2, 5], "second": [1, 1, 2, 4]}, index=["A", "B", "C", "D"])
        >>> agreement(visits.rename_axis("visit").reset_index(), units="visit", scale="interval").disagreements(1)
          unit  apart  n_ratings  first  second
        0    B    2.0          2    3.0     1.0
        """
        read = self._read
        counts = read.counts
        m = counts.sum(axis=1)
        distance = 1.0 - np.eye(len(read.categories)) if read.scale == "nominal" else np.abs(
            read.values[:, None] - read.values)  # fmt: skip
        apart = ((counts @ distance) * counts).sum(axis=1) / (m * (m - 1))
        said = np.array([*read.categories, None], dtype=object)[read.codes]
        frame = pd.DataFrame(said, columns=list(read.raters)).infer_objects()
        frame.insert(0, "n_ratings", m.astype(int))
        frame.insert(0, "apart", apart)
        frame.insert(0, "unit", list(read.units))
        ordered = frame.sort_values("apart", ascending=False, kind="stable").reset_index(drop=True)
        return ordered if n is None else ordered.head(n)


# --- the verb ----------------------------------------------------------------------------------------------


def agreement(
    ratings: pd.DataFrame,
    *,
    units: str | None = None,
    raters: str | Sequence[str] | None = None,
    value: str | None = None,
    scale: Scale = "nominal",
    categories: Sequence[Any] | None = None,
    clusters: str | None = None,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Do raters agree, by every coefficient that the design allows, and which one should be reported?

    Parameters
    ----------
    ratings : DataFrame, long (one row per rating: ``units, raters, value``) or wide (one row per unit, one column per
        rater: ``units`` names the unit, ``raters`` the columns, both may be left out). Ratings may be missing
    units, raters, value : columns, see :func:`~servqual.agreement.ratings.read_ratings`
    scale : "nominal" (yes and no, codes), "ordinal" (grades), "interval" (scores) or "ratio" (counts, minutes)
    categories : all that could have been said, in order; matters where a category was never used
    clusters : column of what units lie in, where several were judged on one occasion: items of a double visit. Errors then
        come from leaving out whole clusters, ten at least to be of use: in simulated double visits the intervals of an ICC held in
        89% of studies of 12 visits, and in 94% of studies of 30 (72% by units)
    level : confidence of the intervals
    replicates, seed : bootstrap of Krippendorff's alpha

    Returns
    -------
    Agreement
        ``sentence()`` says what to report and why, ``disagreements()`` lists the units where raters differ most.

    Raises
    ------
    DataError
        If nobody shares a unit with anybody, only one unit has two ratings, a rater rated a unit twice, or values do not
        fit the scale.

    Notes
    -----
    Two raters: Cohen's kappa, with ordered categories also weighted (on their places; on the values themselves for
    interval and ratio scales). Three or more: Fleiss' kappa, nominal scales with one row per category. Always: the share of
    pairs that agree (Wilson for two raters), AC1 or AC2 (quadratic weights; linear for ordinal) and Krippendorff's alpha.
    Numbers from nominal up: Kendall's W, and the six ICC for interval and ratio scales, on the units that everybody
    rated. Measurements with more than 30 different values have no kappa. Units are taken as drawn at random, unless
    ``clusters`` says what they lie in: an inspector who sees little sees little in all items of that visit, and intervals
    by item are too narrow.

    References
    ----------
    See the functions of :mod:`servqual.agreement.coefficients`. Which one fits: Hallgren (2012), Tutorials in Quantitative
    Methods for Psychology 8, 23-34, doi:10.20982/tqmp.08.1.p023. The paradox: Feinstein and Cicchetti (1990), Journal of
    Clinical Epidemiology 43, 543-549, doi:10.1016/0895-4356(90)90158-L. Checked against R (tests/test_agreement.py).

    Examples
    --------
    >>> double = pd.DataFrame({"first": [1, 1, 0, 1, 0, 1, 1, 0, 1, 1], "second": [1, 1, 0, 1, 1, 1, 1, 0, 1, 1]})
    >>> found = agreement(double)
    >>> print(found.estimate("cohen").value.round(3), found.estimate("agreement").value)
    0.737 0.9
    >>> found.in_language("zh").sentence().split("。")[1]
    '两名评分者、无序类别：报告 Cohen κ 和一致比例'
    """
    if isinstance(level, str) and level in _SCALES:
        raise SpecError(
            f"level={level!r} is the confidence of the intervals, such as 0.95; the measurement is scale={level!r}."
        )
    check_choice("scale", scale, Scale)
    check_between("level", level, 0, 1)
    if not isinstance(replicates, int) or replicates < 100:
        raise SpecError(f"replicates={replicates!r} must be a whole number of 100 or more.")
    read = read_ratings(ratings, units=units, raters=raters, value=value, scale=scale, categories=categories)
    rows = list(_rows(read, level, replicates, seed))
    cluster = None if clusters is None else clusters_of(ratings, units, clusters, read)
    if cluster is not None:
        rows = with_clusters(rows, read, cluster, level)
    advised, advice = _advised(read, {row["coefficient"]: row for row in rows if row["category"] == ""})
    frame = pd.DataFrame(rows).assign(advised=[row["coefficient"] in advised for row in rows])
    groups = 0 if cluster is None else int(cluster.max()) + 1
    return Agreement(frame, ratings=read, advice=advice, level=level, replicates=replicates, seed=seed, clusters=groups)


def _row(coefficient: str, value: float, n: int, **rest: Any) -> Row:
    blank = {"category": "", "value": value, "se": _NAN, "low": _NAN, "high": _NAN, "se_null": _NAN, "p": _NAN, "n": n,
             "method": "", "reason": ""}  # fmt: skip
    return {"coefficient": coefficient} | blank | rest


def _rows(read: Ratings, level: float, replicates: int, seed: int) -> Iterator[Row]:
    counts, two = read.counts, len(read.raters) == 2
    if len(read.categories) <= _MANY or read.scale in ("nominal", "ordinal"):
        yield _pairs_row(counts, two, level)
        yield from _cohen_rows(read, level) if two else _fleiss_rows(read, counts, level)
        power = {"nominal": 0, "ordinal": 1}.get(read.scale, 2)
        found = gwet_ac(counts, agreement_weights(read.values, power) if power else None)
        yield _chance_row("ac2" if power else "ac1", found, len(counts), level, len(counts) - 1)
    yield _alpha_row(read, counts, level, replicates, seed)
    if read.scale in ("interval", "ratio"):
        yield from _icc_rows(read, level)
    if read.scale != "nominal":
        yield _order_row(read)


def _pairs_row(counts: Array, two: bool, level: float) -> Row:
    """The share of pairs that agree."""
    n, m = len(counts), counts.sum(axis=1)
    agreed = (counts * (counts - 1)).sum(axis=1) / (m * (m - 1))
    value = float(agreed.mean())
    if two:
        low, high = proportion_interval(int(agreed.sum()), n, level=level)
        return _row("agreement", value, n, se=float(np.sqrt(value * (1 - value) / n)), low=float(low), high=float(high),
                    method="wilson")  # fmt: skip
    return _bounded(
        "agreement", Chance(value, value, 0.0, float(agreed.std(ddof=1) / np.sqrt(n))), n, level, n - 1, "units"
    )


def _bounded(coefficient: str, found: Chance, n: int, level: float, df: float, method: str, **rest: Any) -> Row:
    if found.se < _NO_ERROR:
        return _row(coefficient, found.value, n, se=found.se, se_null=found.se_null, reason="no variance", **rest)
    low, high = t_interval(np.array(found.value), np.array(found.se), np.array(df), level)
    return _row(coefficient, found.value, n, se=found.se, low=float(low), high=min(float(high), 1.0), se_null=found.se_null,
                method=method, **rest)  # fmt: skip


def _chance_row(coefficient: str, found: Chance, n: int, level: float, df: float, category: Any = "") -> Row:
    from scipy.special import ndtr

    if np.isnan(found.value):
        return _row(coefficient, _NAN, n, category=category, reason="one category")
    p = 2 * float(ndtr(-abs(found.value / found.se_null))) if found.se_null > 0 else _NAN
    return _bounded(coefficient, found, n, level, df, "units" if np.isfinite(df) else "normal", category=category, p=p)


def _cohen_rows(read: Ratings, level: float) -> Iterator[Row]:
    k = len(read.categories)
    table = np.bincount(read.codes[:, 0] * k + read.codes[:, 1], minlength=k * k).reshape(k, k).astype(float)
    kinds = [("cohen", 0), ("cohen_linear", 1), ("cohen_quadratic", 2)][: 1 if read.scale == "nominal" else 3]
    for name, power in kinds:
        yield _chance_row(
            name, cohen_kappa(table, agreement_weights(read.values, power)), len(read.units), level, np.inf
        )


def _fleiss_rows(read: Ratings, counts: Array, level: float) -> Iterator[Row]:
    n = len(counts)
    yield _chance_row("fleiss", fleiss_kappa(counts), n, level, n - 1)
    if read.scale == "nominal" and len(read.categories) > 1:
        for k, category in enumerate(read.categories):
            two = np.column_stack([counts[:, k], counts.sum(axis=1) - counts[:, k]])
            yield _chance_row("fleiss_category", fleiss_kappa(two), n, level, n - 1, str(category))


def _alpha_row(read: Ratings, counts: Array, level: float, replicates: int, seed: int) -> Row:
    value = krippendorff_alpha(counts, read.values, read.scale)[0]
    if np.isnan(value):
        return _row("alpha", value, len(counts), reason="one category")
    drawn = alpha_replicates(counts, read.values, read.scale, replicates, seed)
    usable = drawn[np.isfinite(drawn)]
    if len(usable) < (1 - _LOST) * replicates:
        return _row("alpha", value, len(counts), reason="replicates")
    if usable.std(ddof=1) < _NO_ERROR:
        return _row("alpha", value, len(counts), se=0.0, reason="no variance")
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return _row(
        "alpha", value, len(counts), se=float(usable.std(ddof=1)), low=float(low), high=float(high), method="bootstrap"
    )


def _icc_rows(read: Ratings, level: float) -> Iterator[Row]:
    scores, names = read.scores[read.complete], icc_names(read)
    if len(scores) < 2:
        yield from (_row(name, _NAN, len(scores), reason="incomplete") for name in names)
        return
    found = intraclass_correlations(scores, level)
    for name in names:
        icc = found[name]
        tested = bool(np.isfinite(icc.f))
        reason = "no spread" if not tested else "lowest" if np.isnan(icc.value) else ""
        yield _row(
            name,
            icc.value,
            len(scores),
            low=icc.low,
            high=icc.high,
            p=icc.p,
            method="f" if tested else "",
            reason=reason,
        )


def _order_row(read: Ratings) -> Row:
    scores = read.scores[read.complete]
    if len(scores) < 2:
        return _row("kendall_w", _NAN, len(scores), reason="incomplete")
    w, _, _, p = kendall_w(scores)
    return _row(
        "kendall_w", w, len(scores), p=p, method="" if np.isnan(w) else "chi", reason="no spread" if np.isnan(w) else ""
    )


# --- which one to report -----------------------------------------------------------------------------------


def _advised(read: Ratings, rows: Mapping[str, Row]) -> tuple[tuple[str, ...], Text]:
    """The coefficients that fit the design, and why."""
    two, filled = len(read.raters) == 2, bool(read.complete.all())
    if np.isnan(rows["alpha"]["value"]):
        return tuple(name for name in ("agreement",) if name in rows), _ADVICE["one category"]
    if read.scale == "nominal":
        paradox = _paradox(read, rows, "cohen" if two else "fleiss")
        if paradox:
            return ("agreement", "ac1"), paradox
        if not filled:
            return ("agreement", "alpha"), _ADVICE["gaps"]
        return ("agreement", "cohen" if two else "fleiss"), _ADVICE["two nominal" if two else "many nominal"]
    if read.scale == "ordinal":
        if not filled:
            return ("alpha",), _ADVICE["gaps"]
        return (("cohen_quadratic",), _ADVICE["two ordinal"]) if two else (("alpha",), _ADVICE["many ordinal"])
    if not filled:
        return ("alpha",), _ADVICE["measured gaps"]
    form, k = ("2", "crossed") if read.named else ("1", "nameless")
    words = {language: text.replace("{k}", str(len(read.raters))) for language, text in _ADVICE[k].items()}
    return (f"icc{form}_1", f"icc{form}_k"), words


def _paradox(read: Ratings, rows: Mapping[str, Row], kappa: str) -> Text | None:
    """Words where nearly all agree and kappa is low all the same."""
    agreed, ac1, value = (rows[name]["value"] for name in ("agreement", "ac1", kappa))
    if not (agreed >= _HIGH and ac1 - value > _APART):
        return None
    said = read.counts.sum(axis=0)
    most = int(said.argmax())
    shown = {"agreed": f"{100 * agreed:.0f}%", "value": f"{value:.2f}".replace("-", "−"), "ac1": f"{ac1:.2f}",
             "most": f"{100 * said[most] / said.sum():.0f}%", "category": str(read.categories[most])}  # fmt: skip
    words = {}
    for language, text in _ADVICE["paradox"].items():
        words[language] = text.format(kappa=say(COEFFICIENTS[kappa], language), **shown)
    return words
