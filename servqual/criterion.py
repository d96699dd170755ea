"""Which score says most about overall quality? Gap, performance and their kin held against one question.

Cronin and Taylor asked it of SERVQUAL and SERVPERF: which explains more of what customers say about the whole? Here every
score is computed for the same respondents, and what one explains more than another comes with an interval. The gap has
an older fault, which is tested beside it: as one variable, P − E weighs both forms alike, whatever the data say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.disconfirmation import DISCONFIRMATION, Ideal, direct_answers, distances
from servqual.explained import (
    Correlation,
    Explained,
    FreeWeights,
    adjusted_share,
    correlation_interval,
    share_interval,
    squared_interval,
)
from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Interval,
    adjust_p,
    choose_interval,
    estimate,
    t_pvalue,
)
from servqual.instruments import Instrument
from servqual.measures import TOTALS, Measure, Total, check_importance, plan_measures, usable_points
from servqual.remarks import kept_remark
from servqual.responses import Responses
from servqual.tabulation import IntervalTable
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Text, say
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Score = Literal[
    "gap", "performance", "expectation", "weighted_gap", "weighted_performance", "evaluated", "direct", "adequacy",
    "superiority",
]  # fmt: skip
Kind = Literal["score", "dimensions"]

SCORES: Mapping[str, Text] = {
    "gap": {"en": "SERVQUAL gap (P − E)", "zh": "SERVQUAL 差距（P − E）"},
    "performance": {"en": "SERVPERF (P)", "zh": "SERVPERF（P）"},
    "expectation": {"en": "expectation alone (E)", "zh": "仅期望（E）"},
    "weighted_gap": {"en": "importance-weighted gap", "zh": "重要性加权差距"},
    "weighted_performance": {"en": "importance-weighted SERVPERF", "zh": "重要性加权 SERVPERF"},
    "evaluated": {"en": "evaluated performance (−|P − I|)", "zh": "评价绩效（−|P − I|）"},
    "direct": {"en": "direct disconfirmation", "zh": "直接测量的不一致"},
    "adequacy": {"en": "adequacy (MSA, P − minimum)", "zh": "服务适当性（MSA，P − 最低）"},
    "superiority": {"en": "superiority (MSS, P − desired)", "zh": "服务优越性（MSS，P − 理想）"},
}
_NAMES: Mapping[str, Text] = {
    "gap": {"en": "the gap", "zh": "差距得分"},
    "performance": {"en": "SERVPERF", "zh": "SERVPERF"},
    "expectation": {"en": "expectation alone", "zh": "仅期望"},
    "weighted_gap": {"en": "the weighted gap", "zh": "加权差距得分"},
    "weighted_performance": {"en": "weighted SERVPERF", "zh": "加权 SERVPERF"},
    "evaluated": {"en": "evaluated performance", "zh": "评价绩效"},
    "direct": {"en": "direct disconfirmation", "zh": "直接测量的不一致"},
    "adequacy": {"en": "adequacy", "zh": "服务适当性"},
    "superiority": {"en": "superiority", "zh": "服务优越性"},
}
_BOTH: Text = {"en": "expectation and perception of the same people", "zh": "同一受访者的期望与感知"}
_POINTS: Text = {"en": "importance= points, with", "zh": " importance= 重要性分值，以及"}
NEEDS: Mapping[str, Text] = {
    "gap": _BOTH,
    "performance": {"en": "the perception form", "zh": "感知问卷"},
    "expectation": {"en": "the expectation form, answered by the same people", "zh": "同一受访者的期望问卷"},
    "weighted_gap": {"en": f"{_POINTS['en']} {_BOTH['en']}", "zh": f"{_POINTS['zh']}{_BOTH['zh']}"},
    "weighted_performance": {"en": f"{_POINTS['en']} the perception form", "zh": f"{_POINTS['zh']}感知问卷"},
    "evaluated": {"en": "ideal= level, with the perception form", "zh": " ideal= 理想点，以及感知问卷"},
    "direct": {
        "en": f"a form '{DISCONFIRMATION}', or direct= outcome",
        "zh": f" {DISCONFIRMATION} 问卷，或 direct= 结果题",
    },
    "adequacy": {"en": "the forms perception and minimum", "zh": "感知与最低可接受问卷"},
    "superiority": {"en": "the forms perception and desired", "zh": "感知与理想问卷"},
}
FIT_REASONS: Mapping[str, Text] = {
    **REASONS,
    "no variation": {"en": "the same for everyone: it can explain nothing", "zh": "所有人相同，无法解释任何差异"},
    "collinear": {"en": "its parts say the same: no regression on them", "zh": "各组成部分完全共线，无法回归"},
    "few": {"en": "too few respondents for so many predictors", "zh": "相对预测变量数，受访者过少"},
    "exact": {"en": "a correlation of ±1 has no interval", "zh": "相关为 ±1，无区间"},
    "same": {"en": "the same score in another unit", "zh": "同一得分，仅单位不同"},
    "boundary": {
        "en": "the interval of an R² begins at 0: that score may explain nothing",
        "zh": "有 R² 的区间从 0 起，该得分可能毫无解释力",
    },
    "no room": {
        "en": "R² of the dimensions has no interval: too few independent answers for so many predictors",
        "zh": "各维度 R² 无区间：相对预测变量数，独立的回答过少",
    },
    **{f"needs {name}": {"en": f"not measured; needs {words['en']}", "zh": f"未测量；需要{words['zh']}"}
       for name, words in NEEDS.items()},
}  # fmt: skip
CONSTRAINED: Text = {
    "en": "P − E as one variable is a regression on P and E with weights forced to be equal and opposite, so its R² cannot "
    "exceed that of P and E set free: read the free weights before the ranking",
    "zh": "以 P − E 为单一变量，等于强制 P 与 E 的系数大小相等、符号相反，其 R² 不会高于 P、E 自由回归：先看自由系数，再看排名",
}
UPWARD: Text = {
    "en": "R² comes out high, by about k/(n − 1) where k dimensions explain little; the adjusted R² takes that off, and "
    "the intervals of R² allow for it",
    "zh": "R² 偏高：k 个维度解释力很小时约高 k/(n − 1)；校正 R² 已扣除，R² 的区间亦已计入",
}
_SMALL = 1e-9  # what rounding leaves of a difference between two shares of variance
_Y, _P, _E, _D = "the outcome", "free: P", "free: E", "direct: answer"  # names that no column of a design bears
_TOGETHER = 30_000_000  # rows x columns x estimates fitted in one pass; more would crowd the memory
_FEWEST = 4  # below, a correlation has no interval


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class _Fitted(IntervalTable):
    """What the tables of this chapter have in common."""

    outcome: Text = field(default_factory=dict)
    adjust: Adjust = "holm"

    def _question(self) -> str:
        """The outcome within a sentence."""
        named = say(self.outcome, self.language)
        plain = self.language == "en" and named[1:2].islower()
        return named[:1].lower() + named[1:] if plain else named


def _share_column(name: str, en: str, zh: str) -> Column:
    return Column(name, {"en": en, "zh": zh}, "share")


@dataclass(frozen=True, eq=False, repr=False)
class PairTable(_Fitted):
    """How much more of the outcome one score explains than another, one row per pair.

    Frame columns: ``kind`` ("score": one number per respondent; "dimensions": all dimension scores at once), ``first,
    second, r2_first, r2_second, difference, se, low, high, n, df, p, p_adjusted, reason``. Shares and their difference run
    from 0 to 1.
    """

    def title(self) -> str:
        named = say(self.outcome, self.language)
        return (
            f"解释力之差：{named}" if self.language == "zh" else f"What one score explains more than another: {named}"
        )

    def columns(self) -> tuple[Column, ...]:
        kinds = {
            "score": {"en": "one score", "zh": "单一得分"},
            "dimensions": {"en": "its dimensions", "zh": "各维度得分"},
        }
        difference = Column("difference", {"en": "difference", "zh": "差异"}, "share")
        return (
            Column("kind", {"en": "predictors", "zh": "预测变量"}, "text", kinds),
            Column("first", {"en": "first", "zh": "得分一"}, "text", SCORES),
            Column("second", {"en": "second", "zh": "得分二"}, "text", SCORES),
            _share_column("r2_first", "R² first", "R²（一）"),
            _share_column("r2_second", "R² second", "R²（二）"),
            difference,
            *(_share_column(name, *NUMBER_COLUMNS[name].label.values()) for name in ("low", "high")),
            NUMBER_COLUMNS["df"],
            NUMBER_COLUMNS["p_adjusted"],
            *self.reasons(FIT_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        method = ADJUSTMENTS[self.adjust]
        return ({"en": f"p adjusted over the pairs of each kind: {say(method, 'en')}",
                 "zh": f"p 值校正：{say(method, 'zh')}（同类各对）"},)  # fmt: skip

    def row(self, first: str, second: str, kind: Kind = "score") -> pd.Series:
        """The numbers of one pair, turned round where the table has it the other way."""
        check_choice("kind", kind, Kind)
        frame = self.frame[self.frame["kind"] == kind]
        hit = frame[(frame["first"] == first) & (frame["second"] == second)]
        if len(hit):
            return hit.iloc[0]
        hit = frame[(frame["first"] == second) & (frame["second"] == first)]
        if not len(hit):
            known = ", ".join(f"{row['first']} - {row['second']}" for _, row in frame.iterrows()) or "none"
            raise SpecError(f"there is no pair {first!r}, {second!r}. Pairs: {known}.")
        return _turned_round(hit.iloc[0])

    def sentence(self, first: str, second: str, kind: Kind = "score") -> str:
        """One pair in words, with its interval and base."""
        row, zh = self.row(first, second, kind), self.language == "zh"
        names = [_named(row[name], kind, self.language) for name in ("first", "second")]
        shares = [_percent(row[f"r2_{name}"]) for name in ("first", "second")]
        why, n = say(FIT_REASONS[row["reason"]], self.language), f"n = {int(row['n']):,}"
        if not np.isfinite(row["difference"]):
            pair = _spaced(_spaced(names[0], "与"), names[1]) if zh else " and ".join(names)
            return f"{pair}：无法比较（{why}）。" if zh else f"{_capital(pair)} cannot be compared ({why})."
        if row["reason"] == "same":
            return self._same(names, shares[0], n)
        verdict, bounds = _points(row, self.language), self._bounds(row, why)
        if zh:
            first, second = _spaced(names[0], "解释了"), _spaced(names[1], "解释")
            return f"{_spaced(first, self._question())}差异的 {shares[0]}，{second} {shares[1]}：{verdict}（{bounds}；{n}）。"
        return (
            f"{_capital(names[0])} explains {shares[0]} of the differences in {self._question()}, {names[1]} {shares[1]}: "
            f"{verdict} ({bounds}; {n})."
        )

    def _same(self, names: Sequence[str], share: str, n: str) -> str:
        """Two scores that differ in nothing but their unit."""
        if self.language == "zh":
            return f"{_spaced(_spaced(names[0], '与'), names[1])}是同一得分，仅单位不同：均解释 {share}（{n}）。"
        return f"{_capital(names[0])} and {names[1]} are the same score in another unit: both explain {share} ({n})."

    def _bounds(self, row: pd.Series, why: str) -> str:
        shown = Estimate(0.0, 0.0, 100 * row["low"], 100 * row["high"], 0, 0.0, self.level).interval(self.language, 0)
        glue = "；" if self.language == "zh" else "; "
        parts = (shown if np.isfinite(row["low"]) else "", self._after_correction(row), why)
        return glue.join(part for part in parts if part)

    def _after_correction(self, row: pd.Series) -> str:
        """What the correction for the other pairs leaves, where it changes the verdict."""
        alone = np.isfinite(row["low"]) and not row["low"] <= 0 <= row["high"]
        if not alone or not row["p_adjusted"] >= 1 - self.level:
            return ""
        p = NUMBER_COLUMNS["p"].show(row["p_adjusted"], self.language)
        return (
            f"按各对校正后不显著，p = {p}" if self.language == "zh" else f"not beyond chance after correction, p = {p}"
        )


def _found(frame: pd.DataFrame, column: str, key: str, what: str) -> pd.Series:
    """The row of one score or measure."""
    hit = frame[frame[column] == key]
    if not len(hit):
        raise SpecError(f"there is no {what} {key!r}. {what.capitalize()}s: {', '.join(frame[column])}.")
    return hit.iloc[0]


def _turned_round(row: pd.Series) -> pd.Series:
    swapped: dict[str, Any] = {"first": row["second"], "second": row["first"], "r2_first": row["r2_second"], "r2_second": row["r2_first"],
               "difference": -row["difference"], "low": -row["high"], "high": -row["low"]}  # fmt: skip
    return pd.Series({str(name): swapped.get(str(name), value) for name, value in row.items()})


def _named(score: str, kind: str, language: str) -> str:
    name = say(_NAMES[score], language)
    if kind == "score":
        return name
    return f"{name}（各维度）" if language == "zh" else f"{name} by dimension"


def _spaced(left: str, right: str) -> str:
    """Chinese beside Latin letters, with a space between them."""
    latin = [side.isascii() for side in (left[-1:], right[:1])]
    return f"{left} {right}" if any(latin) else left + right


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _points(row: pd.Series, language: str) -> str:
    """The difference in percentage points, and whether chance alone could make it."""
    points, zh = 100 * row["difference"], language == "zh"
    size = f"{abs(points):.0f}"
    unclear = not np.isfinite(row["low"]) or row["low"] <= 0 <= row["high"]
    if zh:
        return f"{'高' if points >= 0 else '低'} {size} 个百分点" + ("，可能出于偶然" if unclear else "")
    unit = "point" if size == "1" else "points"
    return f"{size} {unit} {'more' if points >= 0 else 'less'}" + (", which may be chance" if unclear else "")


@dataclass(frozen=True, eq=False, repr=False)
class WeightTable(_Fitted):
    """What perception and expectation each contribute when their weights are free: the test of the gap score.

    Frame columns: ``measure`` (dimensions and "mean", the whole), ``n``; ``perception, expectation`` (weights: points of
    the outcome per point of the score, the other held fixed) and ``sum``, each with ``_se, _low, _high``; ``df, p,
    p_adjusted`` (that the sum is 0, as P − E assumes); ``r2_free, r2_gap`` and ``lost``, their difference; ``reason``.
    """

    instrument: Instrument | None = None

    def title(self) -> str:
        named = say(self.outcome, self.language)
        if self.language == "zh":
            return f"P 与 E 的自由系数：{named}"
        return f"Free weights of perception and expectation: {named}"

    def columns(self) -> tuple[Column, ...]:
        words = {**(self.instrument.words() if self.instrument else {}), **TOTALS}
        return (
            Column("measure", {"en": "score", "zh": "得分"}, "text", words),
            Column("perception", {"en": "weight of P", "zh": "P 的系数"}, "signed"),
            *_bounds_of("perception", "P"),
            Column("expectation", {"en": "weight of E", "zh": "E 的系数"}, "signed"),
            *_bounds_of("expectation", "E"),
            Column("sum", {"en": "sum (0 if P − E)", "zh": "系数之和（P − E 时为 0）"}, "signed"),
            *_bounds_of("sum", ("sum", "和")),
            NUMBER_COLUMNS["df"],
            NUMBER_COLUMNS["p_adjusted"],
            _share_column("r2_free", "R² free", "R²（自由）"),
            _share_column("r2_gap", "R² of P − E", "R²（P − E）"),
            *self.reasons(FIT_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        method = ADJUSTMENTS[self.adjust]
        return (
            {"en": f"p tests that the weights are equal and opposite, adjusted over the dimensions: {say(method, 'en')}",
             "zh": f"p 检验两系数大小相等、符号相反；校正：{say(method, 'zh')}（各维度）"},
            CONSTRAINED,
        )  # fmt: skip

    def sentence(self, measure: str = "mean") -> str:
        """One row in words: the free weights, and whether P − E is a fair summary of them."""
        row, zh = _found(self.frame, "measure", measure, "row"), self.language == "zh"
        words = {**(self.instrument.words() if self.instrument else {}), **TOTALS}
        place = say(words.get(measure, measure), self.language)
        if not np.isfinite(row["sum_low"]):
            why = say(FIT_REASONS[row["reason"]], self.language)
            return f"{place}：无法检验（{why}）。" if zh else f"{place}: no test ({why})."
        p, e = (NUMBER_COLUMNS["gap"].show(row[name], self.language) for name in ("perception", "expectation"))
        value = NUMBER_COLUMNS["p"].show(row["p_adjusted"], self.language)
        shown = f"p < {value[1:]}" if value.startswith("<") else f"p = {value}"
        rejected, n = row["p_adjusted"] < 1 - self.level, f"n = {int(row['n']):,}"
        shares = [_percent(row[name]) for name in ("r2_free", "r2_gap")]
        if zh:
            verdict = "拒绝" if rejected else "不能拒绝"
            return f"{place}：P 的系数 {p}，E 的系数 {e}；{verdict}两者大小相等、符号相反（{shown}，{n}）；自由回归解释 {shares[0]}，P − E 解释 {shares[1]}。"
        verdict = "is rejected" if rejected else "is not rejected"
        return (
            f"{place}: {self._question()} moves {p} points per point of perception and {e} per point of expectation; that the "
            f"two are equal and opposite {verdict} ({shown}, {n}). Set free they explain {shares[0]}, as P − E {shares[1]}."
        )


def _bounds_of(name: str, of: str | tuple[str, str]) -> list[Column]:
    en, zh = (of, of) if isinstance(of, str) else of
    return [Column(f"{name}_{end}", {"en": f"{end} ({en})", "zh": f"{NUMBER_COLUMNS[end].label['zh']}（{zh}）"}, "signed")
            for end in ("low", "high")]  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ScoreComparison(_Fitted):
    """How much of an outcome each score explains, the best first to be read in ``pairs``, the gap in ``weights``.

    Frame columns: ``score, n``; ``r`` with ``r_low, r_high``; ``r2`` of the regression on the one score with ``se, low,
    high``; ``predictors``, the number of dimension scores, with ``r2_dimensions, r2_dimensions_low, r2_dimensions_high`` and
    ``r2_adjusted`` of the regression on all of them; ``df, reason``. Scores that the responses do not allow stay in the
    table with what they need.

    Attributes
    ----------
    pairs : PairTable, differences of R² with their intervals
    weights : WeightTable of P and E set free, where both were answered by the same people and the gap is compared
    against : the score that the others are held against, if one was named
    n, dropped : respondents with everything that is compared, and those without
    """

    pairs: PairTable = None  # type: ignore[assignment]
    weights: WeightTable | None = None
    against: str | None = None
    n: int = 0
    dropped: int = 0

    def title(self) -> str:
        named = say(self.outcome, self.language)
        return (
            f"各得分对“{named}”的解释力"
            if self.language == "zh"
            else f"How much of {self._question()} each score explains"
        )

    def columns(self) -> tuple[Column, ...]:
        signed = Column("r", {"en": "r", "zh": "r"}, "number")
        return (
            Column("score", {"en": "score", "zh": "得分"}, "text", SCORES),
            signed,
            *(Column(f"r_{end}", {"en": f"{end} (r)", "zh": f"{NUMBER_COLUMNS[end].label['zh']}（r）"}, "number")
              for end in ("low", "high")),
            _share_column("r2", "R²", "R²"),
            *(_share_column(name, *NUMBER_COLUMNS[name].label.values()) for name in ("low", "high")),
            Column("predictors", {"en": "dimensions", "zh": "维度数"}, "count"),
            _share_column("r2_dimensions", "R² of dimensions", "各维度 R²"),
            _share_column("r2_adjusted", "adjusted", "校正 R²"),
            *self.reasons(FIT_REASONS),
        )  # fmt: skip

    def about(self) -> tuple[Text, ...]:
        return (UPWARD, CONSTRAINED) if self.weights is not None else (UPWARD,)

    def sentence(self, first: str, second: str | None = None, kind: Kind = "score") -> str:
        """One pair of scores in words, or one score by itself, with its interval and base."""
        return self._alone(first) if second is None else self.pairs.sentence(first, second, kind)

    def _alone(self, score: str) -> str:
        row, zh = _found(self.frame, "score", score, "score"), self.language == "zh"
        name = say(_NAMES[score], self.language)
        why = say(FIT_REASONS[row["reason"]], self.language)
        if not np.isfinite(row["r2"]):
            return self.nothing(_capital(name), "share", why)
        bounds = self.pairs._bounds(pd.Series({**row, "p_adjusted": 0.0}), why)
        shown, n = _percent(row["r2"]), f"n = {int(row['n']):,}"
        if zh:
            return f"{_spaced(_spaced(name, '解释了'), self._question())}差异的 {shown}（{bounds}；{n}）。"
        return f"{_capital(name)} explains {shown} of the differences in {self._question()} ({bounds}; {n})."

    def sentences(self) -> list[str]:
        """The best score against every other, or every other against the one named; then the test of the gap."""
        ranked = self.frame.dropna(subset=["r2"]).sort_values("r2", ascending=False, kind="stable")["score"].tolist()
        if len(ranked) < 2:
            said = [self.sentence(score) for score in ranked]
        elif self.against is None:
            said = [self.sentence(ranked[0], other) for other in ranked[1:]]
        else:
            said = [self.sentence(other, self.against) for other in ranked if other != self.against]
        return said + ([] if self.weights is None else [self.weights.sentence()])


@dataclass(frozen=True, eq=False, repr=False)
class AgreementTable(_Fitted):
    """How far direct disconfirmation agrees with what is computed from the two forms.

    Frame columns: ``measure, with_score`` (gap, performance or expectation), ``r, se, low, high, n, df, reason``.
    """

    words: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return (
            "直接测量与计算的不一致之相关"
            if self.language == "zh"
            else "Direct and computed disconfirmation: correlations"
        )

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("measure", {"en": "direct score", "zh": "直接测量"}, "text", self.words),
            Column("with_score", {"en": "with", "zh": "相关对象"}, "text", SCORES),
            Column("r", {"en": "r", "zh": "r"}, "number"),
            *(NUMBER_COLUMNS[name] for name in ("se", "low", "high", "n", "df")),
            *self.reasons(FIT_REASONS),
        )

    def sentence(self, measure: str, with_score: Score = "gap") -> str:
        """One correlation in words, with its interval and base."""
        hit = self.frame[(self.frame["measure"] == measure) & (self.frame["with_score"] == with_score)]
        if not len(hit):
            raise SpecError(
                f"there is no row {measure!r}, {with_score!r}. Measures: {', '.join(dict.fromkeys(self.frame['measure']))}."
            )
        row, zh, language = hit.iloc[0], self.language == "zh", self.language
        place, name = say(self.words.get(measure, measure), language), say(_NAMES[with_score], language)
        why = say(FIT_REASONS[row["reason"]], language)
        if not np.isfinite(row["r"]):
            return f"{place}：无法计算相关（{why}）。" if zh else f"{place}: no correlation can be given ({why})."
        found = Estimate(row["r"], row["se"], row["low"], row["high"], int(row["n"]), row["df"], self.level)
        error = found.interval(language) if np.isfinite(row["low"]) else why
        if zh:
            return f"{place}：{_spaced(_spaced('直接测量与', name), '的相关为')} {row['r']:.2f}（{error}，n = {found.n:,}）。".replace(
                "-", "−"
            )
        return (
            f"{place}: direct disconfirmation and {name} correlate {row['r']:.2f} ({error}, n = {found.n:,}).".replace(
                "-", "−"
            )
        )


# --- the verbs ---------------------------------------------------------------------------------------------


def compare_scores(
    responses: Responses,
    outcome: str,
    *,
    scores: Sequence[Score] | None = None,
    importance: Mapping[str, float] | Mapping[str, str] | None = None,
    ideal: Ideal | None = None,
    direct: str | Mapping[str, str] | None = None,
    against: Score | None = None,
    total: Total = "dimensions",
    adjust: Adjust = "holm",
    level: float = 0.95,
    interval: Interval | None = None,
) -> ScoreComparison:
    """Which score explains most of what respondents say about the whole, and is it more than chance?

    Parameters
    ----------
    responses : Responses
    outcome : the question to be explained: an outcome of the instrument ("overall_quality") or a numeric column
    scores : those to compare; by default all that the responses allow
        A score whose form many left blank costs respondents, since all are compared on the same people.
    importance : points per dimension, or the column of each respondent's own points per dimension, optional
        Own points weigh that respondent's own scores; they must add up to 100.
    ideal : ideal level of the items, for evaluated performance, as in
        :func:`servqual.disconfirmation.evaluated_performance`
    direct : outcome(s) that ask for disconfirmation itself, as in
        :func:`servqual.disconfirmation.direct_disconfirmation`; not needed where that form was asked
    against : hold every other score against this one; by default all pairs
    total : {"dimensions", "items"}
        Whether a score over everything averages dimension scores or items.
    adjust : correction of the p-values over the pairs
    level : confidence of the intervals
    interval : Taylor(), Student() or replicates; by default Taylor where the responses have a sample design

    Returns
    -------
    ScoreComparison

    Notes
    -----
    R² is the share of the outcome's variance that a least-squares regression explains, with the design's weights. It is a
    function of weighted sums of squares and products; its error, and that of a difference between two R² on the same
    respondents, follows by linearisation (or by replicates). For a simple sample a respondent's influence on R² is
    ``((1 − R²)(y − ȳ)² − e²) / Σ(y − ȳ)²`` with residual e. The interval of r is Fisher's (or quantiles of replicates),
    that of R² with one score its squares, from 0 where r may be 0. With several dimensions R² comes out high, by about
    k/(n − 1) near 0: ``r2_adjusted`` takes that off, and the interval follows from the distribution of R²
    (:func:`~servqual.explained.share_interval`), also where percentiles were asked for, since R² of resampled answers
    never falls to 0. Where an interval of R² begins at 0 the row says so (``boundary``); the interval of a difference
    is then wide rather than narrow (98 to 100% coverage simulated at R² = 0, nominal 95%). Differences are between R² as
    they are. To explain is not to cause: both questions were answered in one sitting, by one person.

    Simulated, 300 studies of each kind, 13 items of 5 dimensions in whole points, nominal 95%, population R² 0, .08, .25:
    n = 60, one score 95, 95, 95%, its dimensions 99, 96, 97%; n = 200, 95, 93, 94% and 96, 93, 95%. With percentiles of
    200 replicates (150 studies) one score 89 to 92%, dimensions 92 to 99%.

    References
    ----------
    Cronin and Taylor (1992), Journal of Marketing 56(3), 55-68, doi:10.1177/002224299205600304. Peter, Churchill and Brown
    (1993), Journal of Consumer Research 19, 655-662, doi:10.1086/209329. Edwards (2002), Alternatives to difference scores,
    in Drasgow and Schmitt (eds), Measuring and Analyzing Behavior in Organizations, Jossey-Bass, 350-400. Olkin and Finn
    (1995), Psychological Bulletin 118, 155-164, doi:10.1037/0033-2909.118.1.155. Checked against statsmodels on 194 kiosk
    users, R's ``survey`` 4.1 under designs, Olkin and Finn's formula and a parametric bootstrap (tests/test_criterion.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument, rng = load_instrument("retail-13"), np.random.default_rng(1)
    >>> mood = rng.integers(-1, 2, 150)
    >>> data = {column: 5 + mood + rng.integers(-1, 2, 150) for column in instrument.columns("perception").values()}
    >>> data |= {column: rng.integers(5, 8, 150) for column in instrument.columns("expectation").values()}
    >>> data["overall_quality"] = 5 + mood + rng.integers(-1, 2, 150)
    >>> found = compare_scores(Responses(pd.DataFrame(data), instrument), "overall_quality")
    >>> found.sentence("performance", "gap")
    'SERVPERF explains 48% of the differences in overall quality, the gap 46%: 2 points more, which may be chance (95% CI −3 to 6; n = 150).'
    """
    check_between("level", level, 0, 1)
    check_choice("adjust", adjust, Adjust)
    check_choice("total", total, Total)
    for name in scores or ():
        check_choice("scores", name, Score)
    if against is not None:
        check_choice("against", against, Score)
    asked = _Outcome.of(responses, outcome, direct)
    predictors = _predictors(responses, importance, ideal, direct, total)
    chosen = _chosen(predictors, scores, against, responses)
    study = _Fit.of(
        responses,
        asked,
        {name: predictors[name] for name in chosen},
        level,
        choose_interval(responses.design, interval),
    )
    shared: dict[str, Any] = {"outcome": asked.label, "level": level, "adjust": adjust, "interval": study.interval,
              "remarks": study.remarks(), "cautious": responses.design.selection != "probability"}  # fmt: skip
    weights = None
    if "gap" in chosen:
        perception, expectation = (_form_scores(responses, form, total) for form in ("perception", "expectation"))
        rows = _weight_rows(study, perception, expectation, adjust)
        weights = WeightTable(rows, responses.language, **shared, instrument=responses.instrument)
    pairs = _pairs(chosen, against)
    shares = {kind: _Shares.of(study, pairs, kind) for kind in get_args(Kind)}
    table = PairTable(_pair_rows(study, pairs, shares, adjust), responses.language, **shared)
    return ScoreComparison(_score_rows(study, shares, scores is None), responses.language, **shared, pairs=table,
                           weights=weights, against=against, n=study.n, dropped=responses.n - study.n)  # fmt: skip


def compare_direct(
    responses: Responses,
    direct: str | Mapping[str, str] | None = None,
    *,
    neutral: int | None = None,
    total: Total = "dimensions",
    level: float = 0.95,
    interval: Interval | None = None,
) -> AgreementTable:
    """Does asking for disconfirmation agree with computing it? Correlations of direct scores with P − E, P and E.

    Parameters are those of :func:`servqual.disconfirmation.direct_disconfirmation`. Two measures of one thing should
    correlate highly; where the direct answer correlates more with P than with P − E, it repeats the perception. Each
    dimension is held against its own scores, the whole against the mean over all. Intervals are Fisher's z with the
    design's error.

    References
    ----------
    Oliver (1980), Journal of Marketing Research 17, 460-469, doi:10.1177/002224378001700405. Peter, Churchill and Brown
    (1993), Journal of Consumer Research 19, 655-662, doi:10.1086/209329. Checked against scipy's ``pearsonr`` and R's
    ``survey`` 4.1 (tests/test_criterion.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument, rng = load_instrument("retail-13"), np.random.default_rng(1)
    >>> data = {column: rng.integers(3, 8, 90) for column in instrument.columns("perception").values()}
    >>> data |= {column: rng.integers(5, 8, 90) for column in instrument.columns("expectation").values()}
    >>> data["satisfaction"] = np.clip(data["P_efficiency"] + rng.integers(-1, 2, 90), 1, 7)
    >>> compare_direct(Responses(pd.DataFrame(data), instrument), "satisfaction").sentence("overall")
    'Satisfaction: direct disconfirmation and the gap correlate 0.40 (95% CI 0.21 to 0.56, n = 90).'
    """
    check_between("level", level, 0, 1)
    check_choice("total", total, Total)
    answers, chosen = (
        direct_answers(responses, direct, neutral=neutral, total=total),
        choose_interval(responses.design, interval),
    )
    computed = _computed(responses, total)
    if not computed:
        raise SpecError(
            f"{responses.source.name} holds neither perceptions nor both forms: there is nothing to compare with."
        )
    lines = []
    for name in answers.scores:
        partner = str(name) if answers.kinds[str(name)] == "dimension" else "mean"
        if answers.kinds[str(name)] != "item":
            others = {score: frame[partner] for score, frame in computed.items()}
            lines += _agreement_rows(responses, str(name), answers.scores[name], others, chosen, level)
    cautious = responses.design.selection != "probability"
    return AgreementTable(pd.DataFrame(lines), responses.language, level=level, interval=chosen, cautious=cautious,
                          remarks=(kept_remark(responses),), words=answers.labels)  # fmt: skip


# --- scores of respondents ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Outcome:
    """The question to be explained: its answers, and what it is called."""

    answers: Array
    label: Text

    @classmethod
    def of(cls, responses: Responses, name: str, direct: str | Mapping[str, str] | None) -> _Outcome:
        known = {key: each for each in responses.instrument.outcomes for key in (each.id, each.column)}
        column = known[name].column if name in known else name
        near = [*(each.id for each in responses.instrument.outcomes), *responses.frame.columns]
        check_columns([column], responses.frame.columns, responses.source.name, near=near)
        _refuse_own_part(responses, column, name, direct)
        answers = pd.to_numeric(responses.frame[column], errors="coerce")
        words = responses.frame[column].notna() & answers.isna()
        if words.any():
            raise DataError(
                f"{responses.source.name}: column '{column}' holds {int(words.sum())} values that are not numbers, such as "
                f"{responses.frame.loc[words, column].iloc[0]!r}. The outcome must be a column of numbers."
            )
        label = known[name].label if name in known else responses.column_of(name).label
        return cls(answers.to_numpy(float), label)


def _refuse_own_part(responses: Responses, column: str, name: str, direct: str | Mapping[str, str] | None) -> None:
    """An answer that is part of a score would explain itself."""
    items = {each for form in responses.forms for each in responses.instrument.columns(form).values()}
    asked = {direct} if isinstance(direct, str) else set((direct or {}).values())
    if column in items or asked & {column, name}:
        raise SpecError(
            f"'{name}' is part of a score, which would then explain itself. Name a question about the whole."
        )


def _form_scores(responses: Responses, form: str, total: Total) -> pd.DataFrame:
    """(n, dimensions and "mean") scores of one form, nan where an item is missing."""
    return _scores_of(responses.answers(form), responses.instrument, total)


def _scores_of(answers: pd.DataFrame, instrument: Instrument, total: Total) -> pd.DataFrame:
    values = answers.to_numpy(float)
    kept = [m for m in plan_measures(instrument, list(answers.columns), total, None) if _reported(m)]
    return pd.DataFrame({measure.id: measure.of(values) for measure in kept}, index=answers.index)


def _reported(measure: Measure) -> bool:
    return measure.what == "dimension" or (measure.what, measure.id) == ("total", "mean")


def _computed(responses: Responses, total: Total) -> dict[str, pd.DataFrame]:
    """Scores from the two forms, as far as the same people answered them."""
    found: dict[str, pd.DataFrame] = {}
    forms = {
        form: _form_scores(responses, form, total) for form in ("perception", "expectation") if form in responses.forms
    }
    if len(forms) == 2:
        found["gap"] = forms["perception"] - forms["expectation"]
    found |= {
        name: forms[form]
        for name, form in (("performance", "perception"), ("expectation", "expectation"))
        if form in forms
    }
    return found


def _predictors(
    responses: Responses,
    importance: Mapping[str, Any] | None,
    ideal: Ideal | None,
    direct: str | Mapping[str, str] | None,
    total: Total,
) -> dict[str, pd.DataFrame]:
    """Every score that the responses allow: its dimensions and, as "mean", the whole."""
    found = _computed(responses, total)
    if importance is not None:
        shares = _shares(responses, importance)
        found |= {
            f"weighted_{name}": _weighted(found[name], shares) for name in ("gap", "performance") if name in found
        }
    if "performance" in found:
        if ideal is not None:
            found["evaluated"] = _scores_of(distances(responses, ideal), responses.instrument, total)
        for name, form in (("adequacy", "minimum"), ("superiority", "desired")):
            if form in responses.forms:
                found[name] = found["performance"] - _form_scores(responses, form, total)
    if direct is not None or DISCONFIRMATION in responses.forms:
        found["direct"] = _direct_scores(responses, direct, total)
    return {name: found[name] for name in SCORES if name in found}


def _direct_scores(responses: Responses, direct: str | Mapping[str, str] | None, total: Total) -> pd.DataFrame:
    answers = direct_answers(responses, direct, total=total)
    whole = answers.of_kind("total")
    if whole.empty:
        if answers.scores.shape[1] > 1:
            raise SpecError(
                "direct= names questions on different scales, whose mean has no unit. Add one for 'overall'."
            )
        whole = answers.scores
    return answers.of_kind("dimension").assign(mean=whole.iloc[:, 0])


def _shares(responses: Responses, importance: Mapping[str, Any]) -> pd.DataFrame:
    """(n, dimensions) importance of each respondent, adding up to 1; nan where own points cannot be used."""
    dimensions = [dimension.id for dimension in responses.instrument.dimensions]
    if not any(isinstance(value, str) for value in importance.values()):
        points = check_importance(importance, responses.instrument)
        row = np.array([points[name] for name in dimensions]) / sum(points.values())
        return pd.DataFrame(np.tile(row, (responses.n, 1)), index=responses.frame.index, columns=dimensions)
    if set(importance) != set(dimensions):
        raise SpecError(
            f"importance must name a column for each of {', '.join(dimensions)}; it names {', '.join(importance)}."
        )
    check_columns([importance[name] for name in dimensions], responses.frame.columns, responses.source.name)
    shares = usable_points(responses.frame, [importance[name] for name in dimensions])
    if np.isnan(shares).all():
        named = ", ".join(importance.values())
        raise DataError(f"{responses.source.name}: nobody gave points to all of {named} that add up to 100.")
    return pd.DataFrame(shares, index=responses.frame.index, columns=dimensions)


def _weighted(scores: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """Scores times importance, and their sum as the whole."""
    parts = scores[list(shares.columns)] * shares
    parts = parts.loc[:, (shares != 0).any()]  # without weight a dimension adds nothing
    return parts.assign(mean=parts.sum(axis=1, skipna=False))


def _chosen(
    found: Mapping[str, pd.DataFrame], scores: Sequence[str] | None, against: str | None, responses: Responses
) -> list[str]:
    wanted = list(dict.fromkeys(scores)) if scores is not None else list(found)
    lacking = [name for name in (*wanted, *((against,) if against else ())) if name not in found]
    if lacking:
        told = "; ".join(f"{name} needs {say(NEEDS[name], 'en')}" for name in dict.fromkeys(lacking))
        raise SpecError(f"{responses.source.name} does not allow every score asked for: {told}.")
    if against and against not in wanted:
        raise SpecError(f"against={against!r} is not among the scores compared: {', '.join(wanted)}.")
    if not wanted:
        raise SpecError(f"{responses.source.name} allows none of the scores {', '.join(get_args(Score))}.")
    return [name for name in SCORES if name in wanted]


# --- from scores to shares of variance ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Fit:
    """The outcome and all scores of the same respondents, ready for :func:`servqual.estimate`.

    Attributes
    ----------
    frame : every row, under the names of :func:`_column`; nan in all of them where one is missing
    parts : columns of the dimension scores, by score
    faults : reason why a score, or the regression on its dimensions, cannot be fitted
    n, rows : respondents compared, respondents there are
    kept : rows kept and dropped before, in words
    """

    frame: pd.DataFrame
    design: SampleDesign
    parts: Mapping[str, tuple[str, ...]]
    faults: Mapping[tuple[str, Kind], str]
    n: int
    rows: int
    kept: Text
    level: float
    interval: Interval

    @classmethod
    def of(
        cls,
        responses: Responses,
        outcome: _Outcome,
        scores: Mapping[str, pd.DataFrame],
        level: float,
        interval: Interval,
    ) -> _Fit:
        columns = {_Y: outcome.answers}
        for name, frame in scores.items():
            columns |= {_column(name, part): frame[part].to_numpy(float) for part in frame.columns}
        values = pd.DataFrame(columns, index=responses.frame.index)
        complete = values.notna().all(axis=1)
        n = int(complete.sum())
        if n < _FEWEST:
            raise DataError(
                f"{n} of {responses.n} respondents of {responses.source.name} gave all that is compared ({', '.join(scores)}); "
                f"at least {_FEWEST} are needed. Compare fewer scores: scores=['performance', ...]."
            )
        if values.loc[complete, _Y].nunique() == 1:
            raise DataError(
                f"everyone gave the same answer to '{say(outcome.label, 'en')}': there is nothing to explain."
            )
        frame = responses.frame[responses.design.column_names()].join(values.where(complete))
        parts = {name: tuple(_column(name, part) for part in scores[name].columns if part != "mean") or (_column(name, "mean"),)
                 for name in scores}  # fmt: skip
        faults: dict[tuple[str, Kind], str] = {}
        for name in scores:
            faults[name, "score"] = _fault(values.loc[complete, [_column(name, "mean")]])
            faults[name, "dimensions"] = _fault(values.loc[complete, list(parts[name])])
        return cls(frame, responses.design, parts, faults, n, responses.n, kept_remark(responses), level, interval)

    def predictors(self, name: str, kind: Kind) -> tuple[str, ...]:
        """The columns of one score: the whole, or its dimensions."""
        return (_column(name, "mean"),) if kind == "score" else self.parts[name]

    def estimated(self, statistic: Any) -> list[dict[str, Any]]:
        """One record per value of the statistic."""
        found = estimate(self.frame, statistic, self.design, interval=self.interval, level=self.level)
        return [{str(name): value for name, value in row.items()} for row in found.frame.to_dict("records")]

    def remarks(self) -> tuple[Text, ...]:
        """The base in words."""
        lost = self.rows - self.n
        return ({"en": f"all on the same n = {self.n:,} respondents; {lost:,} of {self.rows:,} lack an answer that is needed",
                 "zh": f"均基于相同的 n = {self.n:,} 位受访者；{self.rows:,} 位中有 {lost:,} 位缺少所需回答"}, self.kept)  # fmt: skip


def _column(score: str, part: str) -> str:
    return f"{score}: {part}"


def _fault(values: pd.DataFrame) -> str:
    """Why a regression on these columns cannot be computed; "" where it can."""
    matrix = values.to_numpy(float)
    spread = matrix.std(axis=0)
    n, k = matrix.shape
    if (spread <= _SMALL * np.maximum(np.abs(matrix).max(axis=0), 1)).any():
        return "no variation"
    if n < k + 2:
        return "few"
    standard = (matrix - matrix.mean(axis=0)) / spread
    return "collinear" if np.linalg.matrix_rank(standard, tol=1e-8 * np.sqrt(n)) < k else ""


@dataclass(frozen=True, eq=False)
class _Shares:
    """R² of every score that can be fitted, and of every such pair both R² and their difference, as estimates.

    ``correlated`` holds the correlations behind those R² that rest on one column.
    """

    single: Mapping[str, dict[str, Any]]
    paired: Mapping[tuple[str, str], list[dict[str, Any]]]
    correlated: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, study: _Fit, pairs: Sequence[tuple[str, str]], kind: Kind) -> _Shares:
        sound = [name for name in study.parts if not study.faults[name, kind]]
        held = [pair for pair in pairs if set(pair) <= set(sound)]
        columns = sum(len(study.predictors(name, kind)) for name in sound)
        if study.rows * columns * (len(sound) + len(held)) < _TOGETHER:
            groups = [(sound, held)] * bool(sound)
        else:
            groups = [([name], []) for name in sound] + [(list(pair), [pair]) for pair in held]
        correlated = _correlations(study, sound, kind)
        single: dict[str, dict[str, Any]] = {}
        paired: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for names, own in groups:
            models = tuple(study.predictors(name, kind) for name in names)
            places = tuple((names.index(first), names.index(second)) for first, second in own)
            rows = study.estimated(Explained(_Y, models, places))
            single |= {name: _bounded(study, row, len(model), correlated.get(name))
                       for name, model, row in zip(names, models, rows, strict=False)}  # fmt: skip
            paired |= {
                pair: [single[pair[0]], single[pair[1]], row] for pair, row in zip(own, rows[len(names) :], strict=True)
            }
        return cls(single, paired, correlated)


def _correlations(study: _Fit, names: Sequence[str], kind: Kind) -> dict[str, dict[str, Any]]:
    """The outcome's correlation with each score that is one column, with its interval."""
    columns = {name: study.predictors(name, kind)[0] for name in names if len(study.predictors(name, kind)) == 1}
    rows = study.estimated(Correlation(_Y, tuple(columns.values()))) if columns else []
    return {name: _correlation(row, study.interval, study.level) for name, row in zip(columns, rows, strict=True)}


def _bounded(study: _Fit, row: dict[str, Any], predictors: int, r: Mapping[str, Any] | None) -> dict[str, Any]:
    """R² with an interval that may hold 0, which the sample's own never is."""
    if r is not None:
        low, high = squared_interval(r["low"], r["high"])
    else:
        low, high = share_interval(row["estimate"], row["se"], row["df"], study.n, predictors, study.level)
    return {**row, "low": low, "high": high}


def _pairs(names: Sequence[str], against: str | None) -> list[tuple[str, str]]:
    """The pairs to compare, the later score first; those with one score where it was named."""
    if against is not None:
        return [(name, against) for name in names if name != against]
    return [(later, earlier) for earlier, later in combinations(names, 2)]


def _score_rows(study: _Fit, shares: Mapping[str, _Shares], listed: bool) -> pd.DataFrame:
    """One line per score: those compared, then, if wanted, those that are not measured."""
    lines = [_score_line(study, name, shares) for name in study.parts]
    if listed:
        lines += [{"score": name, "n": 0, "reason": f"needs {name}"} for name in SCORES if name not in study.parts]
    return pd.DataFrame(lines).reindex(columns=_SCORE)


_SCORE = ["score", "n", "r", "r_low", "r_high", "r2", "se", "low", "high", "predictors", "r2_dimensions",
          "r2_dimensions_low", "r2_dimensions_high", "r2_adjusted", "df", "reason"]  # fmt: skip


def _score_line(study: _Fit, name: str, shares: Mapping[str, _Shares]) -> dict[str, Any]:
    line: dict[str, Any] = {"score": name, "n": study.n, "predictors": len(study.parts[name])}
    if name not in shares["score"].single:
        return {**line, "reason": study.faults[name, "score"]}
    r, whole = shares["score"].correlated[name], shares["score"].single[name]
    line |= {"r": r["r"], "r_low": r["low"], "r_high": r["high"], "r2": whole["estimate"]}
    line |= {column: whole[column] for column in ("se", "low", "high", "df")}
    fault = study.faults[name, "dimensions"]
    if fault:
        return {**line, "reason": whole["reason"] or fault}
    parts = shares["dimensions"].single[name]
    line |= {"r2_dimensions": parts["estimate"], "r2_dimensions_low": parts["low"], "r2_dimensions_high": parts["high"]}
    line["r2_adjusted"] = adjusted_share(parts["estimate"], study.n, len(study.parts[name]))
    boundary = "boundary" if _near_zero(whole) or _near_zero(parts) else ""
    none = "" if np.isfinite(parts["low"]) else "exact" if parts["estimate"] > 1 - _SMALL else "no room"
    return {**line, "reason": r["reason"] or whole["reason"] or none or boundary}


def _near_zero(row: Mapping[str, Any]) -> bool:
    """True where an interval of R² begins at 0."""
    return bool(row["low"] <= 0)


def _correlation(row: Mapping[Any, Any], interval: Interval, level: float) -> dict[str, Any]:
    """A correlation with Fisher's interval, or the quantiles of replicates where these were asked for."""
    low, high = row["low"], row["high"]
    if not getattr(interval, "percentile", False):
        r, se, df = (np.asarray(row[name], dtype=float) for name in ("estimate", "se", "df"))
        low, high = (float(bound) for bound in correlation_interval(r, se, df, level))
    exact = "exact" if np.isfinite(row["se"]) and not np.isfinite(low) else ""
    return {"r": row["estimate"], "se": row["se"], "low": low, "high": high, "n": int(row["n"]), "df": row["df"],
            "reason": row["reason"] or exact}  # fmt: skip


def _pair_rows(
    study: _Fit, pairs: Sequence[tuple[str, str]], shares: Mapping[str, _Shares], adjust: Adjust
) -> pd.DataFrame:
    """One line per pair of scores and kind of predictors."""
    tables = []
    for kind in get_args(Kind):
        lines = [_pair_line(study, pair, kind, shares[kind].paired.get(pair)) for pair in pairs]
        frame = pd.DataFrame(lines, columns=_PAIR)
        frame["p_adjusted"] = adjust_p(frame["p"].to_numpy(float), adjust)
        tables.append(frame)
    return pd.concat(tables, ignore_index=True)


_PAIR = ["kind", "first", "second", "r2_first", "r2_second", "difference", "se", "low", "high", "n", "df", "p", "p_adjusted",
         "reason"]  # fmt: skip


def _pair_line(
    study: _Fit, pair: tuple[str, str], kind: Kind, fitted: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": kind, "first": pair[0], "second": pair[1], "n": study.n}
    if fitted is None:
        return {**line, "reason": study.faults[pair[0], kind] or study.faults[pair[1], kind]}
    a, b, difference = fitted
    line |= {"r2_first": a["estimate"], "r2_second": b["estimate"], "df": difference["df"]}
    if difference["se"] < _SMALL and abs(difference["estimate"]) < _SMALL:
        return {**line, "difference": 0.0, "se": 0.0, "reason": "same"}
    line |= {"difference": difference["estimate"], **{column: difference[column] for column in ("se", "low", "high")}}
    boundary = "boundary" if _near_zero(a) or _near_zero(b) else ""
    return {**line, "p": _p(difference), "reason": difference["reason"] or boundary}


def _p(row: Mapping[str, Any]) -> float:
    """Two-sided p that an estimate is 0."""
    value, se, df = (np.array([row[name]], dtype=float) for name in ("estimate", "se", "df"))
    return float(t_pvalue(value, se, df)[0])


def _weight_rows(study: _Fit, perception: pd.DataFrame, expectation: pd.DataFrame, adjust: Adjust) -> pd.DataFrame:
    """One line per dimension, and the whole below them."""
    complete = study.frame[_Y].notna()
    rows = []
    for name in perception.columns:
        pair = {_P: perception[name].where(complete), _E: expectation[name].where(complete)}
        rows.append(_weight_line(replace(study, frame=study.frame.assign(**pair)), name))
    frame = pd.DataFrame(rows)
    frame["p_adjusted"] = frame["p"]  # the whole is one question of its own
    parts = (frame["measure"] != "mean").to_numpy()
    frame.loc[parts, "p_adjusted"] = adjust_p(frame.loc[parts, "p"].to_numpy(float), adjust)
    return frame


def _weight_line(study: _Fit, name: str) -> dict[str, Any]:
    nan = float("nan")
    blank = dict.fromkeys([f"{which}{end}" for which in ("perception", "expectation", "sum") for end in ("", "_se", "_low", "_high")]
                          + ["df", "p", "p_adjusted", "r2_free", "r2_gap", "lost"], nan)  # fmt: skip
    line: dict[str, Any] = {"measure": name, "n": study.n, **blank}
    fault = _fault(study.frame[[_P, _E]].dropna())
    if fault:
        return {**line, "reason": fault}
    *weights, free, forced = study.estimated(FreeWeights(_Y, _P, _E))
    for which, row in zip(("perception", "expectation", "sum"), weights, strict=True):
        line |= {which: row["estimate"], **{f"{which}_{end}": row[end] for end in ("se", "low", "high")}}
    summed, shares = weights[-1], {"r2_free": free["estimate"], "r2_gap": forced["estimate"]}
    return {**line, **shares, "lost": shares["r2_free"] - shares["r2_gap"], "df": summed["df"], "p": _p(summed),
            "reason": summed["reason"]}  # fmt: skip


def _agreement_rows(
    responses: Responses,
    name: str,
    direct: pd.Series,
    others: Mapping[str, pd.Series],
    interval: Interval,
    level: float,
) -> list[dict[str, Any]]:
    """Correlations of one direct score, all on the respondents who answered everything they need."""
    values = pd.DataFrame({_D: direct, **{_column("direct", other): score for other, score in others.items()}})
    complete = values.notna().all(axis=1)
    frame = responses.frame[responses.design.column_names()].join(values.where(complete))
    lines = []
    for other in others:
        line = {"measure": name, "with_score": other, **dict.fromkeys(("r", "se", "low", "high"), float("nan")),
                "n": int(complete.sum()), "df": float("nan")}  # fmt: skip
        fault = _pair_fault(values.loc[complete, [_D, _column("direct", other)]])
        if not fault:
            found = estimate(
                frame, Correlation(_D, (_column("direct", other),)), responses.design, interval=interval, level=level
            )
            line |= _correlation(found.frame.iloc[0].to_dict(), interval, level)
        lines.append({"reason": fault, **line})
    return lines


def _pair_fault(values: pd.DataFrame) -> str:
    if not len(values):
        return "nobody"
    if len(values) < _FEWEST:
        return "few"
    return "no variation" if (values.nunique() == 1).any() else ""
