"""Do customers get what they expect, and is it what inspectors see? Three angles on the same stores: expected, delivered, perceived.

Expectations and perceptions are ratings on one scale, inspections are shares of points. Both are brought to 0 to 100 here. That
makes them easy to read side by side; it does not make 70 of the one the same as 70 of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.gaps import score_gaps, score_performance
from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Mean,
    Spread,
    adjust_p,
    estimate,
    independent,
    t_interval,
    t_pvalue,
)
from servqual.moments import NOT_STATED
from servqual.mystery.scores import VisitScores
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Angle = Literal["expected", "delivered", "perceived"]
Pair = Literal["delivered_expected", "perceived_expected", "perceived_delivered"]

ANGLES: Mapping[str, Text] = {
    "expected": {"en": "expected", "zh": "期望"},
    "delivered": {"en": "delivered", "zh": "提供"},
    "perceived": {"en": "perceived", "zh": "感知"},
}
PAIRS: Mapping[str, Text] = {
    "delivered_expected": {"en": "delivered − expected", "zh": "提供 − 期望"},
    "perceived_expected": {"en": "perceived − expected", "zh": "感知 − 期望"},
    "perceived_delivered": {"en": "perceived − delivered", "zh": "感知 − 提供"},
}
COUNTS: Mapping[str, Text] = {
    "n_expected": {"en": "expectations", "zh": "期望样本量"},
    "n_delivered": {"en": "visits", "zh": "访问数"},
    "n_perceived": {"en": "perceptions", "zh": "感知样本量"},
}
ANGLE_REASONS: Mapping[str, Text] = {
    **{key: REASONS[key] for key in ("", "suppressed")},
    "one visit": {"en": "one visit, or all alike: no error of what is delivered", "zh": "仅一次访问或得分全同，提供水平无误差"},
    "one answer": {"en": "one answer, or all alike: no error of what is perceived", "zh": "仅一份回答或回答全同，感知水平无误差"},
}  # fmt: skip
_BOUNDS = [replace(NUMBER_COLUMNS[name], decimals=1) for name in ("low", "high")]


# --- the results -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class AngleGaps(Result):
    """The three pairwise differences of every store: columns of :class:`ThreeAngles`, shown by themselves."""

    whole: ThreeAngles = None  # type: ignore[assignment]

    def title(self) -> str:
        return (
            "三个角度的两两差距（0–100 分）"
            if self.language == "zh"
            else "Pairwise gaps of the three angles (points of 0 to 100)"
        )

    def columns(self) -> tuple[Column, ...]:
        shown = list(self.whole.places())
        for pair, words in PAIRS.items():
            shown.append(Column(pair, words, "signed", decimals=1))
            shown += [replace(bound, name=f"{pair}_{bound.name}") for bound in _BOUNDS]
        return (*shown, *self.whole.remarked())

    def note(self) -> str:
        adjusted = ADJUSTMENTS[self.whole.adjust]
        percent = f"{100 * self.whole.level:g}%"
        if self.language == "zh":
            return f"{percent} 区间，逐行计算；各行校正后的 p 值（每种差距：{adjusted['zh']}）见 CSV。"
        return f"{percent} intervals, row by row; p of every row, corrected within each kind of gap ({adjusted['en']}), is in the CSV."

    def in_language(self, language: Any) -> Self:
        return replace(self, language=language, whole=self.whole.in_language(language))


@dataclass(frozen=True, eq=False, repr=False)
class ThreeAngles(Result):
    """Expected, delivered and perceived for every store, on 0 to 100, one row each.

    Frame columns: the store, its group; ``expected, delivered, perceived`` each with ``_low, _high``; ``n_expected, n_delivered``
    (visits), ``n_perceived``; ``delivered_expected`` (D − E), ``perceived_expected`` (P − E), ``perceived_delivered`` (P − D), each
    with ``_low, _high, _df, _p, _p_adjusted``; ``reason``.

    Attributes
    ----------
    by, within : columns of the store and of its group
    match : column by which a store finds its expectations; None where everybody's serve all stores
    scale : ends of the questions' scale
    level, adjust : confidence of the intervals, and correction of p within each of the three kinds of gap
    unmatched : stores that lack an angle, and which
    remarks : what the visits pool, and how many were scored
    """

    by: str = "store"
    within: str | None = None
    match: str | None = None
    scale: tuple[float, float] = (1.0, 7.0)
    level: float = 0.95
    adjust: Adjust = "holm"
    by_columns: tuple[Column, ...] = ()
    unmatched: pd.DataFrame = None  # type: ignore[assignment]
    measured: Text | None = None
    asked: Text | None = None
    matched: Column | None = None
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        if self.language == "zh":
            return "三个角度：期望、提供与感知（0–100 分）"
        return "Three angles: expected, delivered, perceived (0 to 100)"

    def places(self) -> tuple[Column, ...]:
        """The columns of the group and of the store."""
        return tuple(reversed(self.by_columns))

    def remarked(self) -> tuple[Column, ...]:
        """The column of remarks, where any row has one."""
        if not self.frame["reason"].any():
            return ()
        return (Column("reason", NUMBER_COLUMNS["reason"].label, "text", ANGLE_REASONS),)

    def columns(self) -> tuple[Column, ...]:
        shown = list(self.places())
        for angle, words in ANGLES.items():
            shown.append(Column(angle, words, "number", decimals=1))
            shown += [replace(bound, name=f"{angle}_{bound.name}") for bound in _BOUNDS]
        shown += [Column(name, words, "count") for name, words in COUNTS.items()]
        return (*shown, *self.remarked())

    def note(self) -> str:
        low, high = (f"{end:g}" for end in self.scale)
        percent, k, zh = f"{100 * self.level:g}%", self.unmatched["store"].nunique(), self.language == "zh"
        source = "" if self.matched is None else self.matched.heading(self.language)
        measured, asked = say(self.measured or {"en": ""}, self.language), say(self.asked or {"en": ""}, self.language)
        if zh:
            parts = [f"期望与感知（{asked}）由 {low}–{high} 分换算为 0–100 分：100 ×（均值 − {low}）/（{high} − {low}）；提供为检查得分（{measured}）",
                     "换算只便于并列阅读：检查的 70 分与评分的 70 分含义不同，凡涉及“提供”的差距均取决于此换算，“感知 − 期望”不受影响",
                     f"各店的期望取自同一{source}的顾客" if source else "各店共用全体顾客的期望", f"{percent} 区间；店内受访者与访问各为单位"]  # fmt: skip
            parts += [f"{k} 家门店缺少某一角度，未列出"] if k else []
        else:
            parts = [f"expected and perceived ({asked}) are rescaled from {low}–{high} to 0–100 as 100 × (mean − {low})/({high} − {low}); "
                     f"delivered is the inspection's score ({measured})",
                     "rescaling only puts them side by side: 70 of an inspection is not 70 of a rating, and every gap with what is delivered "
                     "hangs on it; perceived − expected does not",
                     f"a store's expectations are those of its {source}" if source else "everybody's expectations serve all stores",
                     f"{percent} intervals; respondents and visits of a store are the units"]  # fmt: skip
            lack = "store lacks" if k == 1 else "stores lack"
            parts += [f"{k} {lack} an angle and {'is' if k == 1 else 'are'} not shown"] if k else []
        parts += [say(remark, self.language) for remark in self.remarks]
        return ("；" if zh else "; ").join(parts) + ("。" if zh else ".")

    def gaps(self) -> AngleGaps:
        """The pairwise differences as a table of their own."""
        return AngleGaps(self.frame, self.language, whole=self)

    def clear(self, pair: Pair) -> Array:
        """(k,) −1, 0 or 1: below, not to be told apart, above, after correction for all stores."""
        sure = (self.frame[f"{pair}_p_adjusted"] < 1 - self.level).to_numpy(bool)
        return np.where(sure, np.sign(self.frame[pair].to_numpy(float)), 0).astype(int)

    def in_language(self, language: Any) -> Self:
        return replace(self, language=language)

    def without(self, stores: Any) -> Self:
        """The same without some stores."""
        kept = ~self.frame[self.by].isin(list(stores))
        return replace(self, frame=self.frame[kept].reset_index(drop=True))

    def sentence(self, store: Any | None = None) -> str:
        """How many stores give, and are seen to give, less than is expected; or what the three angles say of one store."""
        return self._overall() if store is None else self._one(store)

    def _overall(self) -> str:
        k, zh = len(self.frame), self.language == "zh"
        less = {pair: int((self.frame[pair] < 0).sum()) for pair in PAIRS}
        sure = {pair: (int((self.clear(pair) < 0).sum()), int((self.clear(pair) > 0).sum())) for pair in PAIRS}  # type: ignore[arg-type]
        d, p, v = (sure[pair] for pair in PAIRS)
        if zh:
            return (f"{k} 家门店中，{less['perceived_expected']} 家的感知低于期望（{p[0]} 家超出偶然），"
                    f"{less['delivered_expected']} 家的检查得分低于期望（{d[0]} 家超出偶然）；"
                    f"感知低于检查所见的有 {less['perceived_delivered']} 家（{v[0]} 家超出偶然，{v[1]} 家相反）。")  # fmt: skip
        stores = "store" if k == 1 else "stores"
        return (f"Of {k} {stores}, customers perceive less than is expected in {less['perceived_expected']} ({p[0]} beyond chance), and "
                f"inspectors see less than is expected in {less['delivered_expected']} ({d[0]} beyond chance); customers perceive less than "
                f"inspectors see in {less['perceived_delivered']} ({v[0]} beyond chance, {v[1]} the other way round).")  # fmt: skip

    def _one(self, store: Any) -> str:
        hit = self.frame[self.frame[self.by].astype(str) == str(store)]
        if hit.empty:
            raise SpecError(f"there is no {self.by} {store!r} with all three angles.")
        row, zh = hit.iloc[0], self.language == "zh"
        percent, colon, glue = f"{100 * self.level:g}%", "：" if zh else ": ", "，" if zh else ", "
        levels = [f"{say(words, self.language)} {row[name]:.1f}" for name, words in ANGLES.items()]
        signed = Column("gap", {"en": "gap"}, "signed", decimals=1)
        told = []
        for pair, words in PAIRS.items():
            value = signed.show(row[pair], self.language)
            low, high = (_BOUNDS[0].show(row[f"{pair}_{name}"], self.language) for name in ("low", "high"))
            error = f"{percent} 置信区间 {low} 至 {high}" if zh else f"{percent} CI {low} to {high}"
            error = error if np.isfinite(row[f"{pair}_low"]) else say(ANGLE_REASONS[row["reason"]], self.language)
            told.append(f"{say(words, self.language)} {value}{f'（{error}）' if zh else f' ({error})'}")
        name = self.by_columns[0].show(row[self.by], self.language)
        return f"{name}{colon}{glue.join([*levels, *told])}{'。' if zh else '.'}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every store with its three marks, the widest shortfall of its group first."""
        from servqual.plots.angles import draw_angles

        return draw_angles(self, ax)


# --- the verb ----------------------------------------------------------------------------------------------


def three_angles(
    responses: Responses,
    scores: VisitScores,
    *,
    within: str | None = None,
    match: str | None = None,
    expected: float | Mapping[str, float] | None = None,
    dimension: str = "mean",
    measure: str = "total",
    level: float = 0.95,
    adjust: Adjust = "holm",
) -> ThreeAngles:
    """What is expected of every store, what inspectors see it deliver, and what its customers perceive, with all three gaps.

    Parameters
    ----------
    responses : perceptions of the stores, and expectations of the same people or of others; a column names the store
    scores : VisitScores split by that column alone: ``score_visits(visits, by="store")``
    within : column of the visits with the store's group (tier), for reading
    match : where other people were asked what they expect: column of both files by which a store finds its expectations
        (region); without it everybody's serve all stores
    expected : fixed levels in place of an expectation survey
    dimension : "mean" of all dimensions, or one of them
    measure : "total" of the checklist, or the id of a category or an indicator
    level : confidence of the intervals
    adjust : correction of p over the stores, for each of the three kinds of gap

    Returns
    -------
    ThreeAngles
        ``gaps()`` has the differences as a table.

    Raises
    ------
    SpecError
        If the scores are not split by one column, or there is neither an expectation nor a level in its place.
    DataError
        If no store has all three, or a store lies in two groups of ``match``.

    Notes
    -----
    With the scale's ends a and b: ``E = 100 (ē − a)/(b − a)``, ``P = 100 (p̄ − a)/(b − a)``; D is the mean score of the store's
    visits. ``P − E`` is :func:`servqual.gaps.score_gaps` of the store on another scale. ``D − E`` and ``P − D`` are differences of
    independent estimates: variances add, degrees of freedom are Satterthwaite's. The error of D is that of its few visits, the
    store's own: where these all agree it isn't known, and no gap with D has an interval or a p. That inspectors are more or less
    severe is part of it as far as several of them came.

    All stores of a region share one expectation, so that their gaps to it move together: an unlucky sample of expectations
    shifts all of them. How to read it: P far under D where D is near E says that what customers meet is not what is inspected; D far
    under E says that the standard itself is not kept.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1985), Journal of Marketing 49(4), 41-50, doi:10.1177/002224298504900403. Satterthwaite (1946),
    Biometrics Bulletin 2, 110-114, doi:10.2307/3002019. Checked against means and Welch's test by scipy on the rows themselves,
    and against the known truth of the sample study (tests/test_angles.py).

    Examples
    --------
    >>> from servqual.instruments import load_instrument
    >>> from servqual.mystery import load_checklist, read_visits, score_visits
    >>> from servqual.responses import read_responses
    >>> scale = load_instrument("servqual-22")
    >>> expected = read_responses("data/sample/expectation.csv", scale)
    >>> perceived = read_responses("data/sample/intercept.csv", scale, dont_know=[99], missing_codes=[-9], faults="set aside")
    >>> answers = read_responses(expectation=expected, perception=perceived)
    >>> checklist = load_checklist("telecom-store")
    >>> visits = read_visits("data/sample/visits.csv", checklist, stores="data/sample/stores.csv", faults="set aside")
    >>> angles = three_angles(answers, score_visits(visits, by="store"), match="region")
    >>> len(angles.frame), angles.columns()[0].name
    (40, 'store')
    """  # fmt: skip
    check_between("level", level, 0, 1)
    check_choice("adjust", adjust, Adjust)
    if len(scores.by) != 1:
        raise SpecError('scores must be split by the store alone: score_visits(visits, by="store").')
    by = scores.by[0]
    _check_sides(responses, by, match, expected)
    delivered, measured = _delivered(scores, measure, level)
    frame = _rated(responses, by, match, expected, dimension, level)
    both = frame.merge(delivered, on=by, how="outer", indicator=True)
    there = both["_merge"].eq("both") & np.isfinite(both[list(ANGLES)].to_numpy(float)).all(axis=1)
    if not there.any():
        raise DataError(f"no {by} has all three angles. Are stores named alike in the answers and in the visits?",
                        both.loc[:, [by]].assign(problem="an angle is missing"))  # fmt: skip
    table = _with_gaps(both[there].drop(columns="_merge").reset_index(drop=True), level, adjust)
    if within:
        check_columns([within], scores.visits.frame.columns, "the table of visits")
        group = scores.visits.frame.groupby(by)[within].first()
        table.insert(0, within, table[by].map(group))
    alone = both.loc[~there, [by]].rename(columns={by: "store"}).reset_index(drop=True)
    scale = responses.instrument.scale
    words = {**responses.instrument.words(), "mean": {"en": "mean of all dimensions", "zh": "各维度均值"}}
    return ThreeAngles(
        table, responses.language, by=by, within=within, match=match, scale=(scale.low, scale.high), level=level, adjust=adjust,
        by_columns=tuple(scores.visits.column_of(name) for name in (by, within) if name), unmatched=alone, measured=measured,
        asked=words[dimension], matched=responses.column_of(match) if match else None, remarks=scores.remarks,
    )  # fmt: skip


def _check_sides(responses: Responses, by: str, match: str | None, expected: Any) -> None:
    """The store is where the perceptions are; there is something to expect; a store finds one set of expectations."""
    side = responses.sides[0] if by in responses.sides[0].columns else responses.sides[-1]
    check_columns([by], side.columns, side.source.name)
    if not any("expectation" in each.forms for each in responses.sides) and expected is None:
        raise SpecError(
            "nothing says what is expected: give answers with expectations, or levels in their place (expected=6)."
        )
    if match is None or expected is not None or responses.pairing != "independent":
        return
    check_columns([match], side.columns, side.source.name)
    several = side.frame.groupby(by)[match].nunique()
    several = several[several > 1]
    if len(several):
        named = ", ".join(map(str, several.index[:5]))
        raise DataError(f"{len(several)} of {by!r} lie in several values of {match!r} ({named}): a store needs one set of expectations.",
                        pd.DataFrame({by: several.index, "problem": f"several values of {match}"}))  # fmt: skip


def _delivered(scores: VisitScores, measure: str, level: float) -> tuple[pd.DataFrame, Text]:
    """Scores of the visits by store: value, error, degrees of freedom, visits."""
    from servqual.mystery.scores import labels_of

    by = scores.by[0]
    rows = scores.frame[(scores.frame["id"] == measure) & (scores.frame["part"] != "item")]
    if rows.empty:
        known = ", ".join(scores.frame.loc[scores.frame["part"] != "item", "id"].unique())
        raise SpecError(f"measure={measure!r} is not known. Choose one of {known}.")
    found = rows[rows[by] != NOT_STATED]
    value, se, df = (found[name].to_numpy(float) for name in ("score", "se", "df"))
    se = np.where(se > 0, se, np.nan)  # visits that all agree don't say how far others would differ
    low, high = t_interval(value, se, df, level)
    table = pd.DataFrame({by: found[by], "delivered": found["score"], "delivered_se": se, "delivered_df": found["df"],
                          "delivered_low": low, "delivered_high": high, "n_delivered": found["n"]})  # fmt: skip
    return table.reset_index(drop=True), labels_of(scores.checklist)[rows["part"].iloc[0], measure]


def _rated(
    responses: Responses, by: str, match: str | None, expected: Any, dimension: str, level: float
) -> pd.DataFrame:
    """Expectation, perception and P − E by store, on 0 to 100."""
    low, width = responses.instrument.scale.low, responses.instrument.scale.high - responses.instrument.scale.low
    two = responses.pairing == "independent" and expected is None
    gaps = score_gaps(responses, by=by, match=match if two else None, expected=expected, level=level, adjust="none")
    seen = score_performance(responses, by=by, level=level)
    kind = "total" if dimension == "mean" else "dimension"
    gap, own = (_rows_of(scores, kind, dimension).set_index(by) for scores in (gaps, seen))
    gap = gap.reindex(own.index)
    frame = pd.DataFrame(
        {by: own.index, "expected": gap["expectation"].to_numpy(), "perceived": own["perception"].to_numpy()}
    )
    frame[["expected", "perceived"]] = 100 * (frame[["expected", "perceived"]] - low) / width
    for name, table, shift in (("perceived", own, low), ("perceived_expected", gap, 0.0)):
        known = table["se"].to_numpy(float) > 0  # answers that all agree don't say how far others would differ
        for column in ("low", "high", "se"):
            place = shift if column != "se" else 0.0
            frame[f"{name}_{column}"] = np.where(known, 100 * (table[column].to_numpy(float) - place) / width, np.nan)
        frame[f"{name}_df"] = table["df"].to_numpy(float)
    frame["perceived_expected"] = 100 * gap["gap"].to_numpy(float) / width
    frame["n_perceived"] = own["n"].to_numpy(int)
    error = _expected_errors(responses, by, match, expected, dimension, level)
    key = own.index if error.index.name == by else _matched(responses, by, match).reindex(own.index)
    told = error.reindex(key).reset_index(drop=True) if len(error) else None
    for name in ("se", "df", "low", "high", "n"):
        value = 0.0 if name in ("se", "n") else np.inf if name == "df" else frame["expected"]
        scaled = 1.0 if name in ("df", "n") else 100 / width
        shift = low if name in ("low", "high") else 0.0
        label = "n_expected" if name == "n" else f"expected_{name}"
        frame[label] = value if told is None else (told[name].to_numpy(float) - shift) * scaled
    frame["n_expected"] = frame["n_expected"].fillna(0).astype(int)
    return frame[frame[by] != NOT_STATED].reset_index(drop=True)


def _rows_of(scores: Any, kind: str, dimension: str) -> pd.DataFrame:
    """Rows of the mean, or of one dimension."""
    table = scores.total if kind == "total" else getattr(scores, "dimensions", scores)
    frame = table.frame
    if dimension not in set(frame[kind]):
        known = ", ".join(["mean", *frame[kind].unique()])
        raise SpecError(f"dimension={dimension!r} is not known. Choose one of {known}.")
    return frame[frame[kind] == dimension]


def _expected_errors(
    responses: Responses, by: str, match: str | None, expected: Any, dimension: str, level: float
) -> pd.DataFrame:
    """Errors of the expectations on their own scale, by store or by what a store finds them by; empty for fixed levels."""
    if expected is not None:
        return pd.DataFrame()
    side = next(each for each in reversed(responses.sides) if "expectation" in each.forms)
    answers, items = side.answers("expectation"), side.instrument.items
    chosen = dict.fromkeys(item.dimension for item in items if dimension in ("mean", item.dimension))
    parts = [
        answers[[item.id for item in items if item.dimension == name]].mean(axis=1, skipna=False) for name in chosen
    ]
    frame = side.frame.assign(_expected=np.mean(parts, axis=0))
    split = by if responses.pairing == "paired" else match
    found = estimate(frame, Mean("_expected"), side.design, by=split or (), level=level).to_frame()
    return found.set_index(split) if split else found.rename_axis("everybody")


def _matched(responses: Responses, by: str, match: str | None) -> pd.Series:
    """Store -> the value by which it finds its expectations."""
    side = next(each for each in responses.sides if by in each.columns)
    if match is None:
        return pd.Series(0, index=pd.Index(side.frame[by].dropna().unique(), name=by))
    return side.frame.groupby(by)[match].first()


def _with_gaps(frame: pd.DataFrame, level: float, adjust: Adjust) -> pd.DataFrame:
    """The table with D − E and P − D, the p of all three gaps, and reasons, its columns in order."""
    for pair, (first, second) in (("delivered_expected", ("delivered", "expected")),
                                  ("perceived_delivered", ("perceived", "delivered"))):  # fmt: skip
        both = independent([_spread(frame, first), _spread(frame, second)])
        known = np.isfinite(frame[f"{first}_se"]) & np.isfinite(frame[f"{second}_se"])
        frame[pair] = frame[first] - frame[second]
        frame[f"{pair}_se"], frame[f"{pair}_df"] = np.where(known, both.se, np.nan), np.where(known, both.df, np.nan)
        value, se, df = (frame[f"{pair}{end}"].to_numpy(float) for end in ("", "_se", "_df"))
        frame[f"{pair}_low"], frame[f"{pair}_high"] = t_interval(value, se, df, level)
    for pair in PAIRS:
        value, se, df = (frame[f"{pair}{end}"].to_numpy(float) for end in ("", "_se", "_df"))
        p = t_pvalue(value, se, df)
        frame[f"{pair}_p"], frame[f"{pair}_p_adjusted"] = p, adjust_p(p, adjust)
    none = {name: ~(frame[f"{name}_se"] > 0) for name in ("delivered", "perceived")}
    frame["reason"] = np.select([none["delivered"], none["perceived"]], ["one visit", "one answer"], "")
    angles = [f"{name}{end}" for name in ANGLES for end in ("", "_low", "_high")]
    gaps = [f"{pair}{end}" for pair in PAIRS for end in ("", "_low", "_high", "_df", "_p", "_p_adjusted")]
    return frame[[frame.columns[0], *angles, *COUNTS, *gaps, "reason"]].astype(dict.fromkeys(COUNTS, int))


def _spread(frame: pd.DataFrame, name: str) -> Spread:
    """Variances of one angle, store by store."""
    return Spread(np.diag(frame[f"{name}_se"].fillna(0).to_numpy(float) ** 2), frame[f"{name}_df"].to_numpy(float))
