"""Where are the gaps? SERVQUAL and SERVPERF scores with honest error, and how far the difference may be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.difference_scores import EffectSizes, GapDiagnostics, diagnose_differences, effect_sizes
from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Interval,
    Joint,
    Spread,
    hotelling,
)
from servqual.instruments import Instrument
from servqual.measures import (
    HEADINGS,
    Basis,
    Measure,
    Missing,
    Points,
    Row,
    Rule,
    Total,
    What,
    check_importance,
    plan_measures,
    usable_points,
)
from servqual.moments import PART, row_weights
from servqual.remarks import base_remark, design_remarks, pairing_remark
from servqual.responses import Responses
from servqual.tabulation import (
    KIND_OF,
    MeasureScores,
    MeasureTable,
    Table,
    row_numbers,
    split_columns,
    stacked,
    suited_interval,
    table_of,
)
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Expected = Mapping[str, float] | float
Weighting = Literal["own", "mean"]

_SIGNED = NUMBER_COLUMNS["gap"]


@dataclass(frozen=True, eq=False, repr=False)
class GapTable(MeasureTable):
    """Gaps of items, dimensions or totals, one row each and per group.

    Frame columns: the split columns, ``item``/``dimension``/``total``, ``expectation, perception, gap, se, low, high,
    n, df, p, p_adjusted, deff, reason``; with two files also ``n_expectation``. ``n`` counts those who answered all
    that the row needs (both forms where people are paired). A number that cannot be computed stays as NaN with its
    ``reason``.
    """

    adjust: Adjust = "holm"

    def title(self) -> str:
        return self.headed({"en": "Service-quality gap", "zh": "服务质量差距"}, overall="Overall service-quality gap")

    def columns(self) -> tuple[Column, ...]:
        names = [
            "expectation",
            "perception",
            "gap",
            "se",
            "low",
            "high",
            "n",
            "n_expectation",
            "df",
            "p",
            "p_adjusted",
            "deff",
        ]
        shown = [NUMBER_COLUMNS[name] for name in names if name in self.frame.columns]
        return (*self.labels(), *shown, *self.mixed_reasons())

    def note(self) -> str:
        reason = self.frame["reason"].iloc[0] if self.frame["reason"].nunique() == 1 else ""
        said = REASONS[reason]
        shared = [{"en": f"all rows: {said['en']}", "zh": f"全部各行：{said['zh']}"}] if reason else []
        return self.noted(*self.remarks, *shared, self.how(), *self.about())

    def about(self) -> tuple[Text, ...]:
        en, zh = (say(ADJUSTMENTS[self.adjust], language) for language in ("en", "zh"))
        if self.what == "total":
            return ({"en": f"p adjusted over the groups, for each kind of total: {en}",
                     "zh": f"p 值校正：{zh}（每种总分在各组之间）"},)  # fmt: skip
        return ({"en": f"p adjusted over all rows of this table: {en}", "zh": f"p 值校正：{zh}（本表全部各行）"},)

    def estimate(self, key: str, **group: Any) -> Estimate:
        """One row of the table as an :class:`~survey_design.results.Estimate` of the gap."""
        return self.as_estimate(self.row(key, group), "gap")

    def sentence(self, key: str, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, name = self.row(key, group), self.label(key)
        place = self.group([group[column] for column in self.by])
        if not np.isfinite(row["gap"]):
            return self.nothing(name, "gap", say(REASONS[row["reason"]], self.language))
        said = _sentence_zh if self.language == "zh" else _sentence_en
        return said(name, place, row, self.estimate(key, **group), self.what)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The gap dumbbell: expectation and perception joined, with the gap's interval."""
        from servqual.plots import draw_gaps

        return draw_gaps(self, ax)


def _sentence_en(name: str, place: str, row: pd.Series, estimate: Estimate, what: What) -> str:
    gap, where = abs(row["gap"]), f" ({place})" if place else ""
    unit = "points"
    head = f"{name}{where} fell {gap:.2f} {unit} short of expectation" if row["gap"] < 0 else (
        f"{name}{where} exceeded expectation by {gap:.2f} {unit}")  # fmt: skip
    bounded = np.isfinite(row["low"])
    if bounded and row["low"] <= 0 <= row["high"]:
        head = f"{name}{where}: no clear gap, {_SIGNED.show(row['gap'], 'en')} {unit}"
    error = estimate.interval("en") if bounded else estimate.reason
    base = f"n = {int(row['n']):,}" + (
        f", expectations n = {int(row['n_expectation']):,}" if "n_expectation" in row else ""
    )
    return f"{head} ({error}, {base}{_after_correction(row, estimate.level, 'en')})."


def _sentence_zh(name: str, place: str, row: pd.Series, estimate: Estimate, what: What) -> str:
    gap, where = abs(row["gap"]), f"（{place}）" if place else ""
    head = f"{name}{where}低于期望 {gap:.2f} 分" if row["gap"] < 0 else f"{name}{where}高于期望 {gap:.2f} 分"
    bounded = np.isfinite(row["low"])
    if bounded and row["low"] <= 0 <= row["high"]:
        head = f"{name}{where}：差距不明确，{_SIGNED.show(row['gap'], 'zh')} 分"
    error = estimate.interval("zh") if bounded else estimate.reason
    base = f"n = {int(row['n']):,}" + (f"，期望 n = {int(row['n_expectation']):,}" if "n_expectation" in row else "")
    return f"{head}（{error}，{base}{_after_correction(row, estimate.level, 'zh')}）。"


def _after_correction(row: pd.Series, level: float, language: str) -> str:
    """What the correction for the table's other rows leaves, where it changes the verdict."""
    alone = np.isfinite(row["low"]) and not row["low"] <= 0 <= row["high"]
    if not alone or not row["p_adjusted"] >= 1 - level:
        return ""
    p = NUMBER_COLUMNS["p"].show(row["p_adjusted"], language)
    return f"；按全表校正后不显著，p = {p}" if language == "zh" else f"; not beyond chance after correction, p = {p}"


@dataclass(frozen=True, eq=False, repr=False)
class GapScores(MeasureScores):
    """SERVQUAL scores of a study: gaps of dimensions, items and the total, and what they are worth.

    Attributes
    ----------
    dimensions, items, total : GapTable
    diagnostics : GapDiagnostics, whether the differences can be trusted
    effects : EffectSizes, standardised gaps and signed ranks
    joint : one test per group that all dimension gaps are zero, or why there is none
    warnings : what a reviewer would object to, in words
    responses, basis, interval : what they were computed from
    """

    dimensions: GapTable = None  # type: ignore[assignment]
    items: GapTable = None  # type: ignore[assignment]
    total: GapTable = None  # type: ignore[assignment]
    diagnostics: GapDiagnostics = None  # type: ignore[assignment]
    effects: EffectSizes = None  # type: ignore[assignment]
    joint: tuple[Joint, ...] = ()
    warnings: tuple[Text, ...] = ()

    def note(self) -> str:
        said = [say(warning, self.language) for warning in self.warnings]
        return "\n".join([self.dimensions.note(), *said])

    def table(self, table: Table) -> GapTable:
        """One of the three tables."""
        return super().table(table)

    def plot(self, ax: Axes | None = None, table: Table = "dimensions") -> Axes:
        """Draw one of the tables as a gap dumbbell onto ``ax``, or new axes, and return them."""
        return self.table(table).plot(ax)

    def with_interval(self, interval: Interval) -> GapScores:
        """The same gaps with their error made in another way; the answers are not read again.

        >>> import pandas as pd
        >>> from servqual import Bootstrap, Responses, SampleDesign, load_instrument, score_gaps
        >>> instrument = load_instrument("servperf-22")
        >>> data = pd.DataFrame({column: [5, 6, 7, 4] for column in instrument.columns("perception").values()})
        >>> responses = Responses(data.assign(store=list("abcd")), instrument, SampleDesign(clusters="store"))
        >>> gaps = score_gaps(responses, expected=6)
        >>> gaps.with_interval(Bootstrap(500, seed=1)).dimensions.method.split(",")[0]
        'Rao-Wu rescaled bootstrap'
        """
        return _told(self.responses, self.basis, self.dimensions.adjust, self.level, interval)

    def sentences(self) -> list[str]:
        """Every dimension in words, the widest shortfall first."""
        return self.rising("gap")


# --- the verbs ---------------------------------------------------------------------------------------------


def score_gaps(
    responses: Responses,
    *,
    by: str | Sequence[str] | None = None,
    match: str | None = None,
    importance: Mapping[str, float] | Mapping[str, str] | None = None,
    expected: Expected | None = None,
    points: Weighting | None = None,
    total: Total = "dimensions",
    missing: Rule = "pairwise",
    minimum: float = 0.5,
    adjust: Adjust = "holm",
    level: float = 0.95,
    interval: Interval | None = None,
) -> GapScores:
    """SERVQUAL gaps, perception minus expectation: negative means service fell short.

    Parameters
    ----------
    responses : Responses
        Paired where the same people answered both forms, independent samples where two files were read, or
        perceptions alone together with ``expected``.
    by : column or columns to split by, optional
        A file that lacks the column serves every row: its overall value, or the one matched by ``match``. Its
        error is then included in every row and shared between them.
    match : column that both files have (region), by which the file lacking ``by`` is matched to the rows
    importance : points per dimension, or column holding each respondent's points per dimension, optional
        Adds a weighted total. Points in columns must be complete, not negative and add up to 100 for a respondent to
        count; those who are left out are counted in the note.
    points : {"own", "mean"}, optional
        Whether each respondent's own points weigh their scores (the original definition), or the mean points of all.
        Own points where the respondents who gave them also rated the service, else mean points; the note says which.
        Mean points are estimates: their error is part of the interval.
    expected : expected service level per item, or one level for all, optional
        Fixed levels take the place of an expectation survey; they carry no error.
    total : {"dimensions", "items"}
        Whether the mean total averages dimension scores or items. The sum form, sum of (P - E), is always given.
    missing : {"pairwise", "complete", "available"}
        Who counts where answers are missing: for each row those who answered all it needs; only those who answered
        every item; or, for scores of several items, those who answered at least the share ``minimum`` of them, with the
        mean of what they answered (in both forms where paired).
    minimum : share of a dimension's items, for ``missing="available"``
    adjust : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Correction for testing all rows of a table.
    level : confidence of the intervals
    interval : Taylor() or Student(); by default Taylor where the responses have a sample design

    Returns
    -------
    GapScores

    Notes
    -----
    A respondent's dimension score is the mean over its items (who counts is said by ``missing``); scores are then
    averaged with the design's weights. ``gap = perception - expectation`` holds in every row exactly. With own points s
    of a respondent the weighted total averages ``sum_d s_d (P_d - E_d) / 100``, with mean points it is
    ``sum_d mean(s_d) gap_d / 100`` over those who answered all that it needs.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1988), Journal of Retailing 64, 12-40; Zeithaml, Parasuraman and Berry (1990),
    Delivering Quality Service, Free Press (100 points). Checked against R 4.2.2 on 194 kiosk users
    (tests/test_gaps_oracle.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument, score_gaps
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame(
    ...     {
    ...         **{column: [7, 6, 6, 7] for column in instrument.columns("expectation").values()},
    ...         **{column: [6, 5, 6, 4] for column in instrument.columns("perception").values()},
    ...     }
    ... )
    >>> gaps = score_gaps(Responses(data, instrument))
    >>> gaps.sentence("reliability")
    'Reliability: no clear gap, −1.25 points (95% CI −3.25 to 0.75, n = 4).'
    >>> gaps.to_frame("total").set_index("total")["gap"].to_dict()
    {'mean': -1.25, 'sum': -16.25}
    """
    check_between("level", level, 0, 1)
    check_choice("total", total, Total)
    check_choice("adjust", adjust, Adjust)
    rule = Missing(missing, minimum)
    if responses.pairing == "expectation only" or (responses.pairing == "perception only" and expected is None):
        lacking = "perception" if responses.pairing == "expectation only" else "expectation"
        raise SpecError(
            f"{responses.source.name} holds no {lacking} answers. Read both files, or give fixed levels: expected=6; "
            "for perceptions alone use score_performance."
        )
    return _scored(
        responses, split_columns(by), match, importance, points, expected, total, rule, adjust, level, interval
    )


def _scored(
    responses: Responses,
    by: tuple[str, ...],
    match: str | None,
    importance: Mapping[str, Any] | None,
    points: Weighting | None,
    expected: Expected | None,
    total: Total,
    missing: Missing,
    adjust: Adjust,
    level: float,
    interval: Interval | None,
) -> GapScores:
    instrument, items = responses.instrument, list(responses.matches)
    levels = None if expected is None else _fixed_levels(expected, items, instrument)
    weights, given = _importance(responses, importance, points, levels)
    own = given is not None and given.own
    measures = plan_measures(instrument, items, total, weights, own_points=own)
    fixed = None if levels is None else _fixed_scores(levels, measures)
    basis = Basis.of(responses, measures, by, match, fixed, missing=missing, points=given)
    return _told(responses, basis, adjust, level, suited_interval(responses, interval))


def _told(responses: Responses, basis: Basis, adjust: Adjust, level: float, interval: Interval) -> GapScores:
    """Everything that follows from the basis: tables with their errors, diagnostics, warnings."""
    rows = [basis.row(label) for label in basis.labels]
    spreads = [basis.spread([(1.0, row)], interval) for row in rows]
    language, paired = responses.language, pairing_remark(responses, basis, basis.fixed is not None)
    blank = GapTable(
        pd.DataFrame(),
        language,
        instrument=responses.instrument,
        by=basis.by,
        by_columns=tuple(responses.column_of(name) for name in basis.by),
        level=level,
        adjust=adjust,
        interval=interval,
        remarks=(base_remark(responses, rows, basis.missing, paired=basis.paired), paired, *design_remarks(responses, basis, spreads, interval),
                 *_points_remarks(basis)),
        cautious=any(side.design.selection != "probability" for side in responses.sides),
    )  # fmt: skip
    lines = [row_numbers(basis, row, spread, lone, level) for row, (spread, lone) in zip(rows, spreads, strict=True)]
    tables: dict[str, Any] = {
        name: replace(blank, frame=table_of(basis, lines, what, adjust), what=what) for name, what in KIND_OF.items()
    }
    diagnostics, effects = diagnose_differences(responses, basis), effect_sizes(responses, basis)
    return GapScores(
        frame=stacked(tables),
        language=language,
        **tables,
        diagnostics=diagnostics,
        effects=effects,
        joint=tuple(
            replace(_joint(basis, row, spread, blank.by_columns), level=level)
            for row, (spread, _) in zip(rows, spreads, strict=True)
        ),
        warnings=_warnings(responses, diagnostics, responses.instrument),
        responses=responses,
        basis=basis,
        interval=interval,
    )


def _joint(basis: Basis, row: Row, spread: Spread, columns: Sequence[Column]) -> Joint:
    """The test that all dimension gaps of one group are 0."""
    chosen = basis.index("dimension")
    null = {}
    for language, words in (("en", "all {k} dimension gaps being 0{place}"), ("zh", "{k} 个维度的差距全为 0{place}")):
        named = ", ".join(column.show(value, language) for column, value in zip(columns, row.label, strict=True))
        place = "" if not named else f"（{named}）" if language == "zh" else f" ({named})"
        null[language] = words.format(k=len(chosen), place=place)
    df, n = (values[chosen].min() if len(chosen) else 0 for values in (spread.df, row.n_perception))
    return hotelling(row.gap[chosen], spread.covariance[np.ix_(chosen, chosen)], float(df), int(n), null)


def _fixed_levels(expected: Expected, items: Sequence[str], instrument: Instrument) -> Array:
    """(k,) expected level of every item when levels are given."""
    levels = dict.fromkeys(items, expected) if isinstance(expected, (int, float)) else dict(expected)
    unknown, lacking = set(levels) - set(items), set(items) - set(levels)
    if unknown or lacking:
        named = ", ".join(sorted(unknown or lacking))
        raise SpecError(
            f"expected {'names unknown items' if unknown else 'lacks the items'} {named}. Give one level per item."
        )
    scale = instrument.scale
    off = [name for name, value in levels.items() if not scale.low <= float(value) <= scale.high]
    if off:
        raise SpecError(f"expected levels of {', '.join(off)} lie outside the scale {scale.low}-{scale.high}.")
    return np.array([float(levels[name]) for name in items])


def _fixed_scores(levels: Array, measures: Sequence[Measure]) -> Array:
    """(m,) expectation of every measure; a total under own points has it only where all levels are one."""
    answers = np.concatenate([levels, levels[:1]])[: len(measures[0].weights)]
    return np.array([measure.of(answers[None])[0] for measure in measures])


def _importance(
    responses: Responses, importance: Mapping[str, Any] | None, points: Weighting | None, levels: Array | None
) -> tuple[dict[str, float] | None, Points | None]:
    """Points per dimension, and where they come from if respondents gave them."""
    if points is not None:
        check_choice("points", points, Weighting)
    if importance is None:
        return None, None
    named = [value for value in importance.values() if isinstance(value, str)]
    if not named:
        if points is not None:
            raise SpecError(f"points={points!r} needs the columns that hold them; importance gives numbers.")
        return check_importance(importance, responses.instrument), None
    if len(named) < len(importance):
        raise SpecError(
            "importance mixes columns and numbers. Give a column for every dimension, or a number for each."
        )
    check_importance(dict.fromkeys(importance, 1.0), responses.instrument)
    source = next((k for k, side in enumerate(responses.sides) if set(named) <= set(side.columns)), None)
    if source is None:
        last = responses.sides[-1]
        check_columns(named, last.columns, last.source.name)
    given = _given_points(responses, importance, int(source or 0), points, levels)
    return dict(given.means), given


def _given_points(
    responses: Responses, columns: Mapping[str, str], source: int, points: Weighting | None, levels: Array | None
) -> Points:
    """Respondents' points: usable ones counted and averaged, and whether each may weigh their own scores."""
    side = responses.sides[source]
    known = [dimension.id for dimension in responses.instrument.dimensions]
    columns = {name: columns[name] for name in known}
    whole = {responses.instrument.item(item).dimension for item in responses.matches} >= set(known)
    one_level = levels is None or bool((levels == levels[0]).all())
    rated = whole and one_level and (responses.pairing == "paired" or (levels is not None and source == 0))
    if points == "own" and not rated:
        why = ("an item of every dimension must be scored" if not whole
               else "fixed expected levels must be the same for all items" if not one_level
               else "the respondents who gave them must also have rated the service, and their expectations be known")  # fmt: skip
        raise SpecError(f"points='own' is not possible here: {why}. Use points='mean'.")
    total, weight, n, read = np.zeros(len(known)), 0.0, 0, 0
    for frame in side.frames(list(columns.values())):
        for start in range(0, len(frame), PART):
            part = frame.iloc[start : start + PART]
            shares, w = usable_points(part, list(columns.values())), row_weights(part, side.design)
            usable = np.isfinite(shares[:, 0])
            w = usable.astype(float) if w is None else w * usable
            total, weight = total + w @ np.nan_to_num(shares), weight + w.sum()
            n, read = n + int(usable.sum()), read + len(part)
    if not n:
        named = ", ".join(columns.values())
        raise DataError(f"{side.source.name}: nobody gave points to all of {named} that add up to 100.")
    means = dict(zip(known, 100 * total / weight, strict=True))
    return Points(columns, source, rated and points != "mean", means, n, read - n)


def _points_remarks(basis: Basis) -> tuple[Text, ...]:
    """Whose points weigh the weighted total, where there is one."""
    points = basis.points
    if all(measure.id != "weighted" for measure in basis.measures if measure.what == "total"):
        return ()
    if points is None:
        return ({"en": "weighted total: points as given", "zh": "加权总体：采用给定的重要性分值"},)
    lost = {"en": f"({points.n_dropped:,} left out: points missing, negative or not adding up to 100)",
            "zh": f"（{points.n_dropped:,} 位因缺失、为负或合计不为 100 而未计入）"}  # fmt: skip
    if points.own:
        own = {
            "en": f"weighted total: each respondent's own 100 points weigh their scores, {points.n:,} respondents {lost['en']}",
            "zh": f"加权总体：以受访者本人的 100 分为权数，共 {points.n:,} 位{lost['zh']}",
        }
        return (own,)
    mean = {
        "en": f"weighted total: mean importance points of {points.n:,} respondents {lost['en']}; their error is part of the interval",
        "zh": f"加权总体：采用 {points.n:,} 位受访者的平均重要性分值{lost['zh']}，其误差已计入区间",
    }
    return (mean,)


# --- words -------------------------------------------------------------------------------------------------


def _warnings(responses: Responses, diagnostics: GapDiagnostics, instrument: Instrument) -> tuple[Text, ...]:
    said: list[Text] = []
    frame = diagnostics.frame
    flat = frame[frame["warning"].str.startswith(("ceiling", "flat"))]["dimension"].tolist()
    if flat:
        words = instrument.words()
        said.append({
            "en": "Expectations hardly vary for " + ", ".join(say(words[d], "en") for d in flat)
            + ": these gaps are little more than the perceptions. Report SERVPERF beside them.",
            "zh": "期望几乎没有差异：" + "、".join(say(words[d], "zh") for d in flat) + "。差距主要反映感知，请同时报告 SERVPERF。",
        })  # fmt: skip
    if responses.unmatched:
        forms = {"expectation": NUMBER_COLUMNS["expectation"].label, "perception": NUMBER_COLUMNS["perception"].label}
        listed = {
            "en": ", ".join(f"{item} ({say(forms[form], 'en')})" for form, item in responses.unmatched),
            "zh": "、".join(f"{item}（{say(forms[form], 'zh')}）" for form, item in responses.unmatched),
        }
        said.append({"en": f"Without partner in the other file, so not scored: {listed['en']}.",
                     "zh": f"另一份文件中没有对应题项，未计分：{listed['zh']}。"})  # fmt: skip
    other = responses.expectation
    if other is not None and _ends(other.instrument) != _ends(instrument):
        said.append({"en": "The two forms label their scale ends differently; part of the gap may be wording.",
                     "zh": "两份问卷量表端点的措辞不同，部分差距可能源于措辞。"})  # fmt: skip
    return tuple(said)


def _ends(instrument: Instrument) -> tuple[dict[str, str], dict[str, str]]:
    return dict(instrument.scale.low_label), dict(instrument.scale.high_label)


# --- performance only --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class PerformanceTable(MeasureTable):
    """Perception scores of items, dimensions or totals.

    Frame columns: the split columns, ``item``/``dimension``/``total``, ``perception, se, low, high, n, df, deff, reason``.
    """

    def title(self) -> str:
        kind, zh = say(HEADINGS[self.what], self.language), self.language == "zh"
        if self.what == "total":
            return "总体感知得分（SERVPERF）" if zh else "Overall perceived performance (SERVPERF)"
        return f"各{kind}的感知得分（SERVPERF）" if zh else f"Perceived performance by {kind} (SERVPERF)"

    def columns(self) -> tuple[Column, ...]:
        shown = (NUMBER_COLUMNS[name] for name in ("perception", "se", "low", "high", "n", "df", "deff"))
        return (*self.labels(), *shown, *self.mixed_reasons())

    def note(self) -> str:
        percent = f"{100 * self.level:g}%"
        return self.noted({"en": f"{percent} intervals", "zh": f"{percent} 区间"}, *self.remarks, self.method)


@dataclass(frozen=True, eq=False, repr=False)
class PerformanceScores(PerformanceTable):
    """SERVPERF scores: the dimension table, with ``items`` and ``total`` beside it."""

    items: PerformanceTable = None  # type: ignore[assignment]
    total: PerformanceTable = None  # type: ignore[assignment]


def score_performance(
    responses: Responses,
    *,
    by: str | Sequence[str] | None = None,
    importance: Mapping[str, float] | Mapping[str, str] | None = None,
    points: Weighting | None = None,
    total: Total = "dimensions",
    missing: Rule = "pairwise",
    minimum: float = 0.5,
    level: float = 0.95,
    interval: Interval | None = None,
) -> PerformanceScores:
    """SERVPERF: perceived performance alone, without expectations.

    Parameters are those of :func:`score_gaps`. There is no p-value, since there is no null to test.

    References
    ----------
    Cronin and Taylor (1992), Journal of Marketing 56(3), 55-68, doi:10.1177/002224299205600304.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument, score_performance
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7] for column in instrument.columns("perception").values()})
    >>> score_performance(Responses(data, instrument)).to_frame()["perception"].tolist()
    [6.0, 6.0, 6.0, 6.0, 6.0]
    """
    if "perception" not in responses.forms:
        raise SpecError(f"{responses.source.name} holds no perception answers.")
    alone = responses._with(
        expectation=None, unmatched=(), matches={item.id: item.id for item in responses.instrument.items}
    )
    low, rule = responses.instrument.scale.low, Missing(missing, minimum)
    scores = _scored(alone, split_columns(by), None, importance, points, low, total, rule, "none", level, interval)
    keep = [*scores.by, "perception", "se", "low", "high", "n", "df", "deff", "reason"]
    tables = {}
    for name, what in KIND_OF.items():
        frame = scores.to_frame(name)  # type: ignore[arg-type]
        shift = frame["perception"] - frame["gap"]
        frame[["low", "high"]] = frame[["low", "high"]].add(shift, axis=0)
        frame["reason"] = frame["reason"].replace("no variation", "")
        columns = [*keep[: len(scores.by)], what, *keep[len(scores.by) :]]
        first = scores.dimensions
        remarks = (first.remarks[0], *first.remarks[2:])  # without the pairing: nothing is compared
        tables[name] = PerformanceTable(
            frame[columns],
            scores.language,
            instrument=first.instrument,
            by=first.by,
            by_columns=first.by_columns,
            what=what,
            level=level,
            interval=first.interval,
            remarks=remarks,
            cautious=first.cautious,
        )
    shown = tables["dimensions"]
    return PerformanceScores(**vars(shown), items=tables["items"], total=tables["total"])
