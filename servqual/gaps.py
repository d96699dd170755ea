"""Where are the gaps? SERVQUAL and SERVPERF scores with honest error, and how far the difference may be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    Student,
    choose_interval,
    hotelling,
)
from servqual.instruments import Instrument
from servqual.measures import (
    CAUTION,
    HEADINGS,
    TOTALS,
    Basis,
    Measure,
    Row,
    Total,
    What,
    check_importance,
    plan_measures,
)
from servqual.remarks import base_remark, design_remarks, pairing_remark
from servqual.responses import Responses
from servqual.tabulation import KIND_OF, row_numbers, split_columns, table_of
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Table = Literal["dimensions", "items", "total"]
Expected = Mapping[str, float] | float

_SIGNED = NUMBER_COLUMNS["gap"]
_POINTS_MISS = 0.5  # a respondent's points may miss 100 by rounding


@dataclass(frozen=True, eq=False, repr=False)
class GapTable(Result):
    """Gaps of items, dimensions or totals, one row each and per group.

    Frame columns: the split columns, ``item``/``dimension``/``total``, ``expectation, perception, gap, se, low, high,
    n, df, p, p_adjusted, deff, reason``; with two files also ``n_expectation``. ``n`` counts those who answered all
    that the row needs (both forms where people are paired). A number that cannot be computed stays as NaN with its
    ``reason``.
    """

    instrument: Instrument | None = None
    by: tuple[str, ...] = ()
    by_columns: tuple[Column, ...] = ()
    what: What = "dimension"
    level: float = 0.95
    adjust: Adjust = "holm"
    interval: Interval = field(default_factory=Student)
    remarks: tuple[Text, ...] = ()
    cautious: bool = False

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return self.interval.sentence(self.language)

    @property
    def caution(self) -> str:
        """What the intervals leave out where selection was not by probability; empty where it was."""
        return say(CAUTION, self.language) if self.cautious else ""

    def title(self) -> str:
        kind, zh = say(HEADINGS[self.what], self.language), self.language == "zh"
        split = [column.heading(self.language) for column in self.by_columns]
        if self.what == "total":
            named = "总体服务质量差距" if zh else "Overall service-quality gap"
            return named + ((f"（按{'、'.join(split)}）" if zh else f" by {', '.join(split)}") if split else "")
        if zh:
            return f"各{kind}的服务质量差距" + (f"（按{'、'.join(split)}）" if split else "")
        return f"Service-quality gap by {kind}" + (f" and {', '.join(split)}" if split else "")

    def group(self, values: Sequence[Any]) -> str:
        """The values of the split columns in words."""
        named = [column.show(value, self.language) for column, value in zip(self.by_columns, values, strict=True)]
        return ("、" if self.language == "zh" else ", ").join(named)

    def words(self) -> dict[str, Text]:
        """Labels of the rows."""
        return dict(TOTALS) if self.what == "total" else dict(self.instrument.words() if self.instrument else {})

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
        return (
            *self.by_columns,
            Column(self.what, HEADINGS[self.what], "text", self.words()),
            *shown,
            *([NUMBER_COLUMNS["reason"]] if self.frame["reason"].nunique() > 1 else []),
        )

    def note(self) -> str:
        percent, language = f"{100 * self.level:g}%", self.language
        parts = [say(remark, language) for remark in self.remarks]
        shared = say(REASONS[self.frame["reason"].iloc[0]], language) if self.frame["reason"].nunique() == 1 else ""
        named = say(ADJUSTMENTS[self.adjust], language)
        if language == "zh":
            family = "每种总分在各组之间" if self.what == "total" else "本表全部各行"
            parts += [f"全部各行：{shared}"] if shared else []
            parts += [f"{percent} 区间；{self.method}", f"p 值校正：{named}（{family}）"]
            return "；".join(parts) + "。" + self.caution
        family = "the groups, for each kind of total" if self.what == "total" else "all rows of this table"
        parts += [f"all rows: {shared}"] if shared else []
        parts += [f"{percent} intervals; {self.method}", f"p adjusted over {family}: {named}"]
        return "; ".join(parts) + ("." + (f" {self.caution}" if self.caution else ""))

    def estimate(self, key: str, **group: Any) -> Estimate:
        """One row of the table as an :class:`~survey_design.results.Estimate` of the gap."""
        row = self._row(key, group)
        return Estimate(row["gap"], row["se"], row["low"], row["high"], int(row["n"]), row["df"], self.level,
                        row["p"], row["deff"], self.method, say(REASONS[row["reason"]], self.language))  # fmt: skip

    def _row(self, key: str, group: Mapping[str, Any]) -> pd.Series:
        unknown = set(group) ^ set(self.by)
        if unknown:
            raise SpecError(
                f"name one value for each of {', '.join(self.by) or 'no column'}; got {', '.join(group) or 'none'}."
            )
        hit = self.frame[self.what] == key
        for name, value in group.items():
            hit &= self.frame[name] == value
        if not hit.any():
            known = ", ".join(dict.fromkeys(self.frame[self.what]))
            raise SpecError(f"there is no row {key!r} {dict(group) or ''}. Rows: {known}.")
        return self.frame[hit].iloc[0]

    def sentence(self, key: str, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self._row(key, group), self.language == "zh"
        name = say(self.words().get(key, {"en": key}), self.language)
        place = self.group([group[column] for column in self.by])
        if not np.isfinite(row["gap"]):
            why = say(REASONS[row["reason"]], self.language)
            return f"{name}：无法计算（{why}）。" if zh else f"{name}: no gap can be given ({why})."
        return (_sentence_zh if zh else _sentence_en)(name, place, row, self.estimate(key, **group), self.what)

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
    return f"{head} ({error}, {base}{_after_correction(row, 'en')})."


def _sentence_zh(name: str, place: str, row: pd.Series, estimate: Estimate, what: What) -> str:
    gap, where = abs(row["gap"]), f"（{place}）" if place else ""
    head = f"{name}{where}低于期望 {gap:.2f} 分" if row["gap"] < 0 else f"{name}{where}高于期望 {gap:.2f} 分"
    bounded = np.isfinite(row["low"])
    if bounded and row["low"] <= 0 <= row["high"]:
        head = f"{name}{where}：差距不明确，{_SIGNED.show(row['gap'], 'zh')} 分"
    error = estimate.interval("zh") if bounded else estimate.reason
    base = f"n = {int(row['n']):,}" + (f"，期望 n = {int(row['n_expectation']):,}" if "n_expectation" in row else "")
    return f"{head}（{error}，{base}{_after_correction(row, 'zh')}）。"


def _after_correction(row: pd.Series, language: str) -> str:
    """What the correction for the table's other rows leaves, where it changes the verdict."""
    alone = np.isfinite(row["low"]) and not row["low"] <= 0 <= row["high"]
    if not alone or not row["p_adjusted"] >= 0.05:
        return ""
    p = NUMBER_COLUMNS["p"].show(row["p_adjusted"], language)
    return f"；按全表校正后不显著，p = {p}" if language == "zh" else f"; not beyond chance after correction, p = {p}"


@dataclass(frozen=True, eq=False, repr=False)
class GapScores(Result):
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
    responses: Responses = None  # type: ignore[assignment]
    basis: Basis = None  # type: ignore[assignment]
    interval: Interval = None  # type: ignore[assignment]

    @property
    def by(self) -> tuple[str, ...]:
        """The split columns."""
        return self.dimensions.by

    @property
    def level(self) -> float:
        """Confidence of the intervals."""
        return self.dimensions.level

    def title(self) -> str:
        return self.dimensions.title()

    def columns(self) -> tuple[Column, ...]:
        words = {**self.dimensions.words(), **TOTALS}
        shown = self.dimensions.columns()
        if self.frame["reason"].nunique() > 1 and shown[-1].name != "reason":
            shown = (*shown, NUMBER_COLUMNS["reason"])
        return tuple(replace(c, words=words) if c.name == "dimension" else c for c in shown)

    def note(self) -> str:
        said = [say(warning, self.language) for warning in self.warnings]
        return "\n".join([self.dimensions.note(), *said])

    def in_language(self, language: Language) -> GapScores:
        """The same numbers, shown in English or Chinese."""
        parts = {name: getattr(self, name).in_language(language)
                 for name in ("dimensions", "items", "total", "diagnostics", "effects", "responses")}  # fmt: skip
        return replace(self, language=language, **parts)

    def to_frame(self, table: Table = "dimensions") -> pd.DataFrame:
        """The tidy table of ``"dimensions"``, ``"items"`` or ``"total"`` at full precision."""
        return self.table(table).to_frame()

    def table(self, table: Table) -> GapTable:
        """One of the three tables."""
        check_choice("table", table, Table)
        return getattr(self, table)

    def plot(self, ax: Axes | None = None, table: Table = "dimensions") -> Axes:
        """Draw one of the tables as a gap dumbbell onto ``ax``, or new axes, and return them."""
        return self.table(table).plot(ax)

    def sentence(self, key: str, **group: Any) -> str:
        """One dimension, item or total (``"mean"``, ``"sum"``, ``"weighted"``) in words, with its interval and base."""
        for table in (self.dimensions, self.items, self.total):
            if (table.frame[table.what] == key).any():
                return table.sentence(key, **group)
        return self.dimensions.sentence(key, **group)

    def sentences(self) -> list[str]:
        """Every dimension in words, the widest shortfall first."""
        frame = self.dimensions.frame.sort_values("gap", kind="stable")
        return [self.dimensions.sentence(row["dimension"], **{name: row[name] for name in self.by})
                for _, row in frame.iterrows()]  # fmt: skip


# --- the verbs ---------------------------------------------------------------------------------------------


def score_gaps(
    responses: Responses,
    *,
    by: str | Sequence[str] | None = None,
    match: str | None = None,
    importance: Mapping[str, float] | Mapping[str, str] | None = None,
    expected: Expected | None = None,
    total: Total = "dimensions",
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
        Adds a weighted total. Columns are averaged over respondents first (mean weights, taken as known).
    expected : expected service level per item, or one level for all, optional
        Fixed levels take the place of an expectation survey; they carry no error.
    total : {"dimensions", "items"}
        Whether the mean total averages dimension scores or items. The sum form, sum of (P - E), is always given.
    adjust : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Correction for testing all rows of a table.
    level : confidence of the intervals
    interval : Taylor() or Student(); by default Taylor where the responses have a sample design

    Returns
    -------
    GapScores

    Notes
    -----
    A respondent's dimension score is the mean over its items, for those who answered all of them (both forms where
    paired); scores are then averaged with the design's weights. ``gap = perception - expectation`` holds in every
    row exactly.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1988), Journal of Retailing 64, 12-40. Checked against R 4.2.2 on 194 kiosk
    users (tests/test_gaps_oracle.py).

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
    if responses.pairing == "expectation only" or (responses.pairing == "perception only" and expected is None):
        lacking = "perception" if responses.pairing == "expectation only" else "expectation"
        raise SpecError(
            f"{responses.source.name} holds no {lacking} answers. Read both files, or give fixed levels: expected=6; "
            "for perceptions alone use score_performance."
        )
    return _scored(responses, split_columns(by), match, importance, expected, total, adjust, level, interval)


def _scored(
    responses: Responses,
    by: tuple[str, ...],
    match: str | None,
    importance: Mapping[str, Any] | None,
    expected: Expected | None,
    total: Total,
    adjust: Adjust,
    level: float,
    interval: Interval | None,
) -> GapScores:
    instrument, items = responses.instrument, list(responses.matches)
    points, points_remark = _importance(responses, importance)
    measures = plan_measures(instrument, items, total, points)
    fixed = None if expected is None else _fixed_levels(expected, items, instrument, measures)
    basis = Basis.of(responses, measures, by, match, fixed)
    chosen = choose_interval(responses.design, interval)
    if interval is None and len(responses.sides) > 1:
        chosen = choose_interval(
            next((s.design for s in responses.sides if not s.design.is_simple), responses.design), None
        )
    rows = [basis.row(label) for label in basis.labels]
    spreads = [basis.spread([(1.0, row)], chosen) for row in rows]
    language = responses.language
    paired = pairing_remark(responses, basis, expected is not None)
    remarks = [base_remark(responses, rows), paired, *design_remarks(responses, basis, spreads)]
    remarks += [points_remark] if points_remark else []
    blank = GapTable(
        pd.DataFrame(),
        language,
        instrument,
        by,
        tuple(responses.column_of(name) for name in by),
        level=level,
        adjust=adjust,
        interval=chosen,
        remarks=tuple(remarks),
        cautious=any(side.design.selection != "probability" for side in responses.sides),
    )
    open_ended = importance is not None and any(isinstance(value, str) for value in importance.values())
    lines = [row_numbers(basis, row, spread, lone, level) for row, (spread, lone) in zip(rows, spreads, strict=True)]
    if open_ended:
        lines = [_without_interval(basis, line, "weighted") for line in lines]
    tables = {
        name: replace(blank, frame=table_of(basis, lines, what, adjust), what=what) for name, what in KIND_OF.items()
    }
    diagnostics, effects = diagnose_differences(responses, basis), effect_sizes(responses, basis)
    stacked = pd.concat([tables["dimensions"].frame, tables["total"].frame.rename(columns={"total": "dimension"})])
    return GapScores(
        frame=stacked.reset_index(drop=True),
        language=language,
        **tables,
        diagnostics=diagnostics,
        effects=effects,
        joint=tuple(
            _joint(basis, row, spread, blank.by_columns) for row, (spread, _) in zip(rows, spreads, strict=True)
        ),
        warnings=_warnings(responses, diagnostics, instrument),
        responses=responses,
        basis=basis,
        interval=chosen,
    )


def _without_interval(basis: Basis, line: Mapping[str, Array], total: str) -> dict[str, Array]:
    """The numbers of a row with the error of one total withheld, since it would leave out that of its weights."""
    place = next(k for k, measure in enumerate(basis.measures) if (measure.what, measure.id) == ("total", total))
    held = {name: values.copy() for name, values in line.items()}
    for name in ("se", "low", "high", "p", "deff"):
        held[name][place] = np.nan
    held["reason"] = held["reason"].astype(object)
    held["reason"][place] = "points"
    return held


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


def _fixed_levels(
    expected: Expected, items: Sequence[str], instrument: Instrument, measures: Sequence[Measure]
) -> Array:
    """(m,) expectation of every measure when the items' levels are given."""
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
    answers = np.array([[float(levels[name]) for name in items]])
    return np.array([measure.of(answers)[0] for measure in measures])


def _importance(
    responses: Responses, importance: Mapping[str, Any] | None
) -> tuple[dict[str, float] | None, Text | None]:
    if importance is None:
        return None, None
    if not any(isinstance(value, str) for value in importance.values()):
        points = check_importance(importance, responses.instrument)
        return points, {"en": "weighted total: points as given", "zh": "加权总体：采用给定的重要性分值"}
    for side in responses.sides:
        if set(importance.values()) <= set(side.frame.columns):
            return _mean_points(side, importance, responses.instrument)
    side = responses.sides[-1]
    check_columns([str(name) for name in importance.values()], side.frame.columns, side.source.name)
    raise AssertionError("unreachable: check_columns raises")


def _mean_points(
    side: Responses, importance: Mapping[str, str], instrument: Instrument
) -> tuple[dict[str, float], Text]:
    """Mean points of the respondents whose own points are complete, not negative and add up to 100."""
    points = side.frame[list(importance.values())].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    usable = (points >= 0).all(axis=1) & (np.abs(points.sum(axis=1) - 100) <= _POINTS_MISS)
    if not usable.any():
        named = ", ".join(importance.values())
        raise DataError(f"{side.source.name}: nobody gave points to all of {named} that add up to 100.")
    weight = np.ones(side.n) if side.design.weight is None else side.frame[side.design.weight].to_numpy(float)
    means = np.average(points[usable], axis=0, weights=weight[usable])
    n, lost = int(usable.sum()), int((~usable).sum())
    remark = {
        "en": f"weighted total: mean importance points of {n} respondents ({lost} left out: points missing, negative or not "
        "adding up to 100); it has no interval, since the points are estimated too",
        "zh": f"加权总体：采用 {n} 位受访者的平均重要性分值（{lost} 位因缺失、为负或合计不为 100 而未计入）；"
        "分值本身也是估计值，故不给区间",
    }
    return check_importance(dict(zip(importance, means, strict=True)), instrument), remark


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
class PerformanceTable(Result):
    """Perception scores of items, dimensions or totals.

    Frame columns: the split columns, ``item``/``dimension``/``total``, ``perception, se, low, high, n, df, deff, reason``.
    """

    instrument: Instrument | None = None
    by: tuple[str, ...] = ()
    by_columns: tuple[Column, ...] = ()
    what: What = "dimension"
    level: float = 0.95
    interval: Interval = field(default_factory=Student)
    remarks: tuple[Text, ...] = ()
    cautious: bool = False

    def title(self) -> str:
        kind, zh = say(HEADINGS[self.what], self.language), self.language == "zh"
        if self.what == "total":
            return "总体感知得分（SERVPERF）" if zh else "Overall perceived performance (SERVPERF)"
        return f"各{kind}的感知得分（SERVPERF）" if zh else f"Perceived performance by {kind} (SERVPERF)"

    def columns(self) -> tuple[Column, ...]:
        words = TOTALS if self.what == "total" else self.instrument.words() if self.instrument else {}
        return (
            *self.by_columns,
            Column(self.what, HEADINGS[self.what], "text", words),
            *(NUMBER_COLUMNS[name] for name in ("perception", "se", "low", "high", "n", "df", "deff")),
            *([NUMBER_COLUMNS["reason"]] if self.frame["reason"].nunique() > 1 else []),
        )

    def note(self) -> str:
        parts = [*(say(remark, self.language) for remark in self.remarks), self.interval.sentence(self.language)]
        caution = say(CAUTION, self.language) if self.cautious else ""
        glue, stop = ("；", "。") if self.language == "zh" else ("; ", ". ")
        head = f"{100 * self.level:g}% 区间；" if self.language == "zh" else f"{100 * self.level:g}% intervals; "
        return (head + glue.join(parts) + stop + caution).rstrip()


@dataclass(frozen=True, eq=False, repr=False)
class PerformanceScores(PerformanceTable):
    """SERVPERF scores: the dimension table, with ``items`` and ``total`` beside it."""

    items: PerformanceTable = None  # type: ignore[assignment]
    total: PerformanceTable = None  # type: ignore[assignment]

    def in_language(self, language: Language) -> PerformanceScores:
        """The same numbers, shown in English or Chinese."""
        parts = {name: getattr(self, name).in_language(language) for name in ("items", "total")}
        return replace(self, language=language, **parts)


def score_performance(
    responses: Responses,
    *,
    by: str | Sequence[str] | None = None,
    importance: Mapping[str, float] | Mapping[str, str] | None = None,
    total: Total = "dimensions",
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
    scores = _scored(
        alone, split_columns(by), None, importance, responses.instrument.scale.low, total, "none", level, interval
    )
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
        tables[name] = PerformanceTable(frame[columns], scores.language, first.instrument, first.by, first.by_columns, what, level,
                                        first.interval, remarks, first.cautious)  # fmt: skip
    shown = tables["dimensions"]
    fields = {name: getattr(shown, name) for name in shown.__dataclass_fields__}
    return PerformanceScores(**fields, items=tables["items"], total=tables["total"])
