"""Is service inside the zone of tolerance? Perception against the least accepted and the wished-for level.

Two gaps say where service stands: adequacy, perception minus minimum (MSA), and superiority, perception minus desired
(MSS). Their difference is the width of the zone. Means hide persons, so the shares of respondents below, inside and
above their own zone stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Again,
    Interval,
    Spread,
    Student,
    Term,
    choose_interval,
    inside_one_cluster,
    logit_interval,
    within_one_cluster,
)
from servqual.instruments import Instrument
from servqual.measures import TOTALS, Basis, Measure, Row, Total, What, plan_measures
from servqual.moments import Cells, Moments, ScoreMap, margin_rows
from servqual.remarks import base_remark, design_remarks
from servqual.responses import Responses
from servqual.tabulation import (
    KIND_OF,
    Estimates,
    MeasureScores,
    MeasureTable,
    Table,
    check_split,
    row_numbers,
    split_columns,
    stacked,
    table_of,
)
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Estimate, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Inversions = Literal["keep", "set aside"]
Distance = Literal["adequacy", "superiority", "zone"]

LEVELS: Mapping[str, str] = {"M": "minimum", "D": "desired", "P": "perception"}
DISTANCES: Mapping[str, tuple[str, str]] = {"adequacy": ("P", "M"), "superiority": ("P", "D"), "zone": ("D", "M")}
PLACES = ("below", "inside", "above")
_NUMBERS = ("se", "low", "high", "df", "p", "p_adjusted", "deff", "reason")
_OWN_COLUMNS = (
    *("minimum", "desired", "position", *DISTANCES, *PLACES),
    *("share_reason", "n_inverted", "kind", "measure", "share_inverted", "n_without"),
)
_GRID = 2.0**53  # doubles between 0 and 1 that are multiples of 1/_GRID add up without rounding

POSITIONS: Mapping[str, Text] = {
    "below": {"en": "below the zone of tolerance", "zh": "低于容忍区间"},
    "lower edge": {"en": "not clearly above the minimum", "zh": "未明确高于最低水平"},
    "inside": {"en": "inside the zone of tolerance", "zh": "在容忍区间之内"},
    "upper edge": {"en": "not clearly short of the desired level", "zh": "未明确低于理想水平"},
    "above": {"en": "above the zone of tolerance", "zh": "高于容忍区间"},
    "open": {"en": "not clear of either level", "zh": "与两个水平均无明确差别"},
    "inverted": {"en": "minimum above desired on average", "zh": "平均最低水平高于理想水平"},
    "": {"en": "no error, so no verdict", "zh": "无误差，不作判断"},
}
_VERDICTS = {(-1, -1): "below", (0, -1): "lower edge", (1, -1): "inside", (1, 0): "upper edge", (1, 1): "above",
             (0, 0): "open", (-1, 0): "inverted", (-1, 1): "inverted", (0, 1): "inverted"}  # fmt: skip
SHARE_REASONS: Mapping[str, Text] = {
    **REASONS,
    "edge": {"en": "a share of 0% or 100% has no interval", "zh": "比例为 0% 或 100%，无区间"},
    "one cluster, edge": {
        "en": f"{REASONS['one cluster']['en']}; a share of 0% or 100% has no interval",
        "zh": f"{REASONS['one cluster']['zh']}；比例为 0% 或 100%，无区间",
    },
}
_NAMES: Mapping[str, Text] = {
    "adequacy": {"en": "MSA", "zh": "MSA"},
    "superiority": {"en": "MSS", "zh": "MSS"},
    "zone": {"en": "zone", "zh": "区间"},
    "below": {"en": "below", "zh": "低于"},
    "inside": {"en": "inside", "zh": "之内"},
    "above": {"en": "above", "zh": "高于"},
}
_N_INVERTED = Column("n_inverted", {"en": "inverted", "zh": "倒置人数"}, "count")


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ToleranceTable(MeasureTable):
    """Zone of tolerance of items, dimensions or totals, one row each and per group.

    Frame columns: the split columns, ``item``/``dimension``/``total``; the means ``minimum, desired, perception``;
    ``position``; then for each of ``adequacy`` (MSA), ``superiority`` (MSS) and ``zone`` (width) the value itself and,
    with its name before them, ``_se, _low, _high, _df, _p, _p_adjusted, _deff, _reason``; for each share ``below``,
    ``inside`` and ``above`` the value and ``_se, _low, _high, _df``; ``share_reason, n, n_inverted``.

    ``n`` counts those who gave all answers that the row needs, in all three forms. ``n_inverted`` counts those with an
    inversion among these answers: part of ``n`` where inversions are kept, beside it where they are set aside.
    ``position`` reads the two intervals together: inside means clearly above the minimum and clearly short of the
    desired level. A number that cannot be computed stays as NaN with its reason.
    """

    adjust: Adjust = "holm"

    def title(self) -> str:
        return self.headed({"en": "Zone of tolerance", "zh": "容忍区间"})

    def columns(self) -> tuple[Column, ...]:
        means = (
            Column("minimum", {"en": "minimum", "zh": "最低水平"}, "number"),
            Column("desired", {"en": "desired", "zh": "理想水平"}, "number"),
            NUMBER_COLUMNS["perception"],
            Column("position", {"en": "position", "zh": "位置"}, "text", POSITIONS),
            Column("adequacy", {"en": "MSA (P − M)", "zh": "适当度 MSA（P − M）"}, "signed"),
            *_error_columns("adequacy", "low", "high", "p_adjusted"),
            Column("superiority", {"en": "MSS (P − D)", "zh": "优越度 MSS（P − D）"}, "signed"),
            *_error_columns("superiority", "low", "high", "p_adjusted"),
            Column("zone", {"en": "zone (D − M)", "zh": "区间宽度（D − M）"}, "signed"),
            *_error_columns("zone", "low", "high"),
        )
        return (*self.labels(), *means, NUMBER_COLUMNS["n"], _N_INVERTED, *self._reasons())

    def _reasons(self) -> tuple[Column, ...]:
        """One remark for all three distances where they share it, else one for each."""
        named = [self.frame[f"{name}_reason"].tolist() for name in DISTANCES]
        if not any(map(any, named)):
            return ()
        if all(reasons == named[0] for reasons in named):
            return (replace(NUMBER_COLUMNS["reason"], name="adequacy_reason"),)
        return tuple(column for name in DISTANCES for column in _error_columns(name, "reason"))

    def about(self) -> tuple[Text, ...]:
        method = ADJUSTMENTS[self.adjust]
        return ({"en": f"p adjusted over the table, for each of MSA, MSS and width: {say(method, 'en')}",
                 "zh": f"p 值校正：{say(method, 'zh')}（全表，MSA、MSS 与宽度分别进行）"},)  # fmt: skip

    def shares(self) -> ZoneShares:
        """The shares of respondents below, inside and above their zone, with their intervals."""
        return ZoneShares(**{part.name: getattr(self, part.name) for part in fields(MeasureTable)})

    def estimate(self, key: str, distance: Distance = "adequacy", /, **group: Any) -> Estimate:
        """MSA, MSS or width of one row as an :class:`~survey_design.results.Estimate`."""
        check_choice("distance", distance, Distance)
        return self.as_estimate(self.row(key, group), distance, f"{distance}_")

    def plot(self, ax: Axes | None = None) -> Axes:
        """The zone of tolerance as a band, and where perceptions lie."""
        from servqual.plots import draw_tolerance

        return draw_tolerance(self, ax)

    def sentence(self, key: str, **group: Any) -> str:
        """One row in words: where service stands, by how much, and for how many respondents."""
        row, zh = self.row(key, group), self.language == "zh"
        if not np.isfinite(row["adequacy"]):
            return self.nothing(self.place(row), "score", say(REASONS[row["adequacy_reason"]], self.language))
        gaps = [self._gap(name, row, self.estimate(key, name, **group)) for name in ("adequacy", "superiority")]
        stands, shares = say(POSITIONS[row["position"]], self.language), [f"{row[name]:.0%}" for name in PLACES]
        shares[1] += self._inside(row)
        return (_sentence_zh if zh else _sentence_en)(self.place(row), stands, gaps, shares, int(row["n"]))

    def _gap(self, name: Distance, row: pd.Series, estimate: Estimate) -> str:
        value = NUMBER_COLUMNS["gap"].show(row[name], self.language)
        error = estimate.interval(self.language) if np.isfinite(estimate.low) else estimate.reason
        return f"{say(_NAMES[name], self.language)} {value}{'，' if self.language == 'zh' else ', '}{error}"

    def _inside(self, row: pd.Series) -> str:
        """The interval of the share inside, in brackets; empty where there is none."""
        if not np.isfinite(row["inside_low"]):
            return ""
        low, high, percent = f"{row['inside_low']:.0%}", f"{row['inside_high']:.0%}", f"{100 * self.level:g}%"
        return (
            f"（{percent} 置信区间 {low} 至 {high}）" if self.language == "zh" else f" ({percent} CI {low} to {high})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class ZoneShares(MeasureTable):
    """Shares of respondents below, inside and above their own zone of tolerance.

    The frame is that of :class:`ToleranceTable`. Inside includes both levels. Where someone's minimum lies above their
    desired level, the zone is what lies between the two. The three shares add up to 1 exactly.
    """

    def title(self) -> str:
        return self.headed({"en": "Respondents below, inside and above their zone of tolerance",
                            "zh": "容忍区间以下、之内、以上的受访者比例"})  # fmt: skip

    def columns(self) -> tuple[Column, ...]:
        shares = []
        for name in PLACES:
            shares += [Column(name, _NAMES[name], "share"), *_error_columns(name, "low", "high", kind="share")]
        reason = Column("share_reason", NUMBER_COLUMNS["reason"].label, "text", SHARE_REASONS)
        remark = (reason,) if self.frame["share_reason"].any() else ()
        return (*self.labels(), *shares, NUMBER_COLUMNS["n"], _N_INVERTED, *remark)

    def about(self) -> tuple[Text, ...]:
        return ({"en": "intervals of shares on the logit scale, or by percentiles of replicates where these were asked for",
                 "zh": "比例的区间在 logit 尺度上计算；若采用重复样本分位数，则取分位数"},)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class InversionTable(Estimates):
    """Answers whose minimum lies above the desired level: how many, and what the scores are with and without them.

    Frame columns: the split columns, ``kind, measure, n, n_inverted, share_inverted, n_without``; for each of ``adequacy``
    and ``superiority`` the value with inversions and ``_low, _high``, the value without them and
    ``_without_low, _without_high``, and ``_change`` (without minus with); ``reason`` for what is missing without them.

    Attributes
    ----------
    cases : one row per inverted answer: the respondent, the item and its two levels
    respondents : how many respondents inverted 0, 1, 2, ... items (``n_items, n_respondents``)
    """

    instrument: Instrument | None = None
    cases: pd.DataFrame = field(default_factory=pd.DataFrame)
    respondents: pd.DataFrame = field(default_factory=pd.DataFrame)

    def title(self) -> str:
        return "倒置（最低水平高于理想水平）及其影响" if self.language == "zh" else (
            "Inversions (minimum above desired) and what they do to the scores")  # fmt: skip

    def columns(self) -> tuple[Column, ...]:
        words = {**(self.instrument.words() if self.instrument else {}), **TOTALS}
        shown = [Column("measure", {"en": "measure", "zh": "指标"}, "text", words), NUMBER_COLUMNS["n"], _N_INVERTED,
                 Column("share_inverted", {"en": "share", "zh": "占比"}, "share")]  # fmt: skip
        for name in ("adequacy", "superiority"):
            mark = _NAMES[name]["en"]
            bounds = _error_columns(name, "low", "high")
            without = [replace(c, name=c.name.replace("_", "_without_"), label=_without(c.label)) for c in bounds]
            shown += [
                Column(name, {"en": mark, "zh": mark}, "signed"),
                *bounds,
                Column(f"{name}_without", _without({"en": mark, "zh": mark}), "signed"),
                *without,
                Column(f"{name}_change", {"en": f"{mark} change", "zh": f"{mark} 变化"}, "signed"),
            ]
        return (*self.by_columns, *shown, *self.reasons())

    def note(self) -> str:
        people, items = _people(self.respondents), len(self.cases)
        everyone = int(self.respondents["n_respondents"].sum())
        if self.language == "zh":
            return (f"{everyone:,} 位受访者中 {people:,} 位有倒置回答，共 {items:,} 处。“不含”：倒置题项的三个回答均搁置，"
                    f"需要这些回答的维度与总体得分随之缺失。{self.how()}。")  # fmt: skip
        return (f"{items:,} inverted answers by {people:,} of {everyone:,} respondents. Without: the three answers to an "
                f"inverted item are set aside, and with them the dimension and total scores that need them. "
                f"{self.how()}.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ToleranceScores(MeasureScores):
    """Where service stands against the zone of tolerance: dimensions, items and the total.

    Attributes
    ----------
    dimensions, items, total : ToleranceTable
    inversions : InversionTable, the scores with and without inverted answers side by side
    treatment : "keep" or "set aside": what the tables do with inversions
    responses, basis, interval : what they were computed from
    """

    dimensions: ToleranceTable = None  # type: ignore[assignment]
    items: ToleranceTable = None  # type: ignore[assignment]
    total: ToleranceTable = None  # type: ignore[assignment]
    inversions: InversionTable = None  # type: ignore[assignment]
    treatment: Inversions = "keep"

    def table(self, table: Table) -> ToleranceTable:
        """One of the three tables."""
        return super().table(table)

    def plot(self, ax: Axes | None = None, table: Table = "dimensions") -> Axes:
        """The zone of tolerance as a band, and where perceptions lie."""
        return self.table(table).plot(ax)

    def shares(self, table: Table = "dimensions") -> ZoneShares:
        """Shares of respondents below, inside and above their zone, of one of the three tables."""
        return self.table(table).shares()

    def sentences(self) -> list[str]:
        """Every dimension in words, the least adequate first."""
        return self.rising("adequacy")


def _error_columns(name: str, *numbers: str, kind: str = "") -> list[Column]:
    """Columns of the error of a quantity, headed with its name."""
    shown = []
    for number in numbers:
        column = NUMBER_COLUMNS[number]
        label = {language: f"{say(_NAMES[name], language)} {say(column.label, language)}" for language in ("en", "zh")}
        changes: dict[str, Any] = {"name": f"{name}_{number}", "label": label} | ({"kind": kind} if kind else {})
        shown.append(replace(column, **changes))
    return shown


def _without(label: Text) -> Text:
    return {"en": f"{label['en']} without", "zh": f"{label['zh']}（不含）"}


def _sentence_en(place: str, stands: str, gaps: Sequence[str], shares: Sequence[str], n: int) -> str:
    below, inside, above = shares
    return (f"{place}: {stands} ({'; '.join(gaps)}). {below} of respondents are below their zone, {inside} inside, "
            f"{above} above (n = {n:,}).")  # fmt: skip


def _sentence_zh(place: str, stands: str, gaps: Sequence[str], shares: Sequence[str], n: int) -> str:
    below, inside, above = shares
    return (f"{place}：{stands}（{'；'.join(gaps)}）。{below} 的受访者低于其容忍区间，{above} 高于区间，"
            f"在区间之内的占 {inside}（n = {n:,}）。")  # fmt: skip


# --- the verb ----------------------------------------------------------------------------------------------


def score_tolerance(
    responses: Responses,
    *,
    by: str | Sequence[str] | None = None,
    inversions: Inversions = "keep",
    total: Total = "dimensions",
    adjust: Adjust = "holm",
    level: float = 0.95,
    interval: Interval | None = None,
) -> ToleranceScores:
    """Whether service lies inside the zone of tolerance, between the least accepted and the desired level.

    Parameters
    ----------
    responses : Responses
        The same people answered ``minimum``, ``desired`` and ``perception`` (the instrument "tolerance-22").
    by : column or columns to split by, optional
    inversions : {"keep", "set aside"}
        What happens to answers whose minimum lies above the desired level. They are counted and the scores without
        (or with) them are given in ``.inversions`` either way; nothing is dropped silently. Set aside, the three answers
        to an inverted item count as missing, and so do the dimension and total scores that need them.
    total : {"dimensions", "items"}
        Whether the mean total averages dimension scores or items. The sum over items is always given.
    adjust : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Correction for testing all rows of a table, for each of the distances by itself.
    level : confidence of the intervals
    interval : Taylor(), Student() or replicates; by default Taylor where the responses have a sample design

    Returns
    -------
    ToleranceScores

    Notes
    -----
    ``MSA = perception - minimum``, ``MSS = perception - desired``, ``width = desired - minimum = MSA - MSS``. A score of
    a respondent is the mean over its items, for those who gave all three answers to each; it is compared with the zone
    as a whole-number sum, so that equality is exact. Inside, a respondent is at or above the lower and at or below the
    upper of the two levels. MSA below 0: the least accepted is not met. MSA above 0 and MSS below 0: tolerated, not yet
    wished for. Like every difference score, both rest on answers to three questions about one thing; see
    ``servqual.difference_scores`` for what that costs.

    References
    ----------
    Zeithaml, Berry and Parasuraman (1993), Journal of the Academy of Marketing Science 21, 1-12,
    doi:10.1177/0092070393211001. Parasuraman, Zeithaml and Berry (1994), Journal of Retailing 70, 201-230,
    doi:10.1016/0022-4359(94)90033-7. Checked against the LibQUAL means of 17 libraries, scipy's t tests, shares counted
    with pandas, and R's ``survey`` 4.1 (tests/test_tolerance.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("tolerance-22")
    >>> answers = {"minimum": [3, 4, 3, 5], "desired": [6, 7, 6, 6], "perception": [5, 5, 2, 6]}
    >>> data = pd.DataFrame({column: answers[form] for form in answers for column in instrument.columns(form).values()})
    >>> scores = score_tolerance(Responses(data, instrument))
    >>> frame = scores.to_frame().set_index("dimension")
    >>> [
    ...     float(frame.loc["reliability", name])
    ...     for name in ("adequacy", "superiority", "zone", "below", "inside", "above")
    ... ]
    [0.75, -1.75, 2.5, 0.25, 0.75, 0.0]
    >>> scores.sentence("reliability")
    'Reliability: not clear of either level (MSA +0.75, 95% CI −1.25 to 2.75; MSS −1.75, 95% CI −4.47 to 0.97). 25% of
    respondents are below their zone, 75% (95% CI 4% to 100%) inside, 0% above (n = 4).'
    """
    check_between("level", level, 0, 1)
    check_choice("inversions", inversions, Inversions)
    check_choice("total", total, Total)
    check_choice("adjust", adjust, Adjust)
    alone, by = _checked(responses), split_columns(by)
    check_split(by, _OWN_COLUMNS)
    items = [item.id for item in alone.instrument.items]
    measures = plan_measures(alone.instrument, items, total, None)
    chosen = choose_interval(alone.design, interval)
    inverted = _inverted(alone)
    plain = Basis.of(alone, measures, by, None, np.zeros(len(measures)))
    kept = _Zones.of(_basis(alone, plain, None), chosen, level)
    aside = _Zones.of(_basis(alone, plain, inverted), chosen, level) if inverted.any() else kept
    return _tolerance_scores(alone, kept, aside, inverted, inversions, adjust, level, chosen)


def _checked(responses: Responses) -> Responses:
    """The file that holds the three levels, by itself."""
    lacking = [form for form in LEVELS.values() if form not in responses.forms]
    if lacking:
        raise SpecError(
            f"{responses.source.name} holds no {' and no '.join(lacking)} answers. The zone of tolerance needs the forms "
            f"{', '.join(LEVELS.values())}, as in load_instrument('tolerance-22')."
        )
    matches = {item.id: item.id for item in responses.instrument.items}
    return responses._with(expectation=None, unmatched=(), matches=matches)


def _tolerance_scores(
    responses: Responses,
    kept: _Zones,
    aside: _Zones,
    inverted: Array,
    treatment: Inversions,
    adjust: Adjust,
    level: float,
    interval: Interval,
) -> ToleranceScores:
    shown = kept if treatment == "keep" else aside
    basis, instrument, language = shown.basis, responses.instrument, responses.language
    told: dict[str, Any] = {"instrument": instrument, "by": basis.by, "level": level, "interval": interval,
            "by_columns": tuple(responses.column_of(name) for name in basis.by),
            "cautious": responses.design.selection != "probability"}  # fmt: skip
    sides = InversionTable(_side_by_side(kept, aside), language, **told, cases=_cases(responses, inverted),
                           respondents=_respondents(inverted))  # fmt: skip
    base, design = base_remark(responses, shown.rows), design_remarks(responses, basis, shown.spreads, interval)
    paired: Text = {"en": "the same respondents gave all three answers", "zh": "同一受访者给出三个水平的回答"}
    blank = ToleranceTable(pd.DataFrame(), language, **told, adjust=adjust)
    tables: dict[str, Any] = {}
    for name, what in KIND_OF.items():
        remarks = (base, paired, *design, _inversion_remark(sides, what, treatment))
        tables[name] = replace(blank, frame=_frame(shown, kept, aside, what, adjust), what=what, remarks=remarks)
    return ToleranceScores(stacked(tables), language, **tables, responses=responses, basis=basis,
                           interval=interval, inversions=sides, treatment=treatment)  # fmt: skip


# --- rows first --------------------------------------------------------------------------------------------


def _inverted(responses: Responses) -> Array:
    """(n, k) True where a respondent's minimum of an item lies above their desired level."""
    minimum, desired = (responses.answers(form).to_numpy(float) for form in ("minimum", "desired"))
    return np.asarray(minimum > desired)


def _basis(responses: Responses, plain: Basis, aside: Array | None) -> Basis:
    """Moments of the three levels and the three places in the cells of ``plain``; answers marked in ``aside`` are missing."""
    columns = {column: f"{letter}:{item}" for letter, form in LEVELS.items()
               for item, column in responses.instrument.columns(form).items()}  # fmt: skip
    answers = responses.frame[list(columns)].set_axis(list(columns.values()), axis=1)
    if aside is not None:
        answers = answers.mask(np.tile(aside, len(LEVELS)))
    answers = pd.concat([answers, _places(answers, plain.measures)], axis=1)
    score_map = _score_map(plain.measures, tuple(answers.columns), float(int(responses.instrument.scale.midpoint)))
    cells = Cells(plain.moments.cells, np.asarray(plain.code))
    margins = margin_rows(responses.frame, responses.design)
    moments = Moments.from_cells(answers, score_map, cells, plain.weight, margins)
    return replace(plain, moments=moments, answers=answers.to_numpy())


def _places(answers: pd.DataFrame, measures: Sequence[Measure]) -> pd.DataFrame:
    """(n, 3m) 1 where a respondent's perception lies below, inside or above their zone, nan where one cannot know."""
    values = answers.to_numpy()
    minimum, desired, perception = np.split(values, len(LEVELS), axis=1)
    found: dict[str, dict[str, Array]] = {name: {} for name in PLACES}
    for measure in measures:
        low, high, at = (_whole(measure, level) for level in (minimum, desired, perception))
        low, high = np.minimum(low, high), np.maximum(low, high)
        known = np.isfinite(low + high + at)
        place = {"below": at < low, "inside": (low <= at) & (at <= high), "above": at > high}
        for name, there in place.items():
            one = there.astype(np.int8) if known.all() else np.where(known, there, np.nan)
            found[name][f"{name}:{measure.what}:{measure.id}"] = one
    return pd.DataFrame({column: one for name in PLACES for column, one in found[name].items()}, index=answers.index)


def _whole(measure: Measure, answers: Array) -> Array:
    """(n,) whole-number sums before they are divided into scores; nan where an answer it needs is missing."""
    used = np.array(measure.weights) != 0
    return np.asarray(answers[:, used].astype(float) @ np.array(measure.weights, dtype=float)[used])


def _score_map(measures: Sequence[Measure], columns: tuple[str, ...], middle: float) -> ScoreMap:
    """Scores of the three levels and the places as they are; all six of a measure exist together."""
    weights = np.array([measure.weights for measure in measures], dtype=np.int64).T
    (k, m), levels = weights.shape, len(LEVELS)
    blocks = np.zeros((levels * k + 3 * m, levels * m + 3 * m), dtype=np.int64)
    blocks[: levels * k, : levels * m] = np.kron(np.eye(levels, dtype=np.int64), weights)
    blocks[levels * k :, levels * m :] = np.eye(3 * m, dtype=np.int64)
    names = [f"{measure.what}:{measure.id}" for measure in measures]
    return ScoreMap(
        columns,
        tuple(f"{column}:{name}" for column in (*LEVELS, *PLACES) for name in names),
        blocks,
        np.concatenate([np.tile([float(measure.denominator) for measure in measures], levels), np.ones(3 * m)]),
        tuple(names) * (levels + len(PLACES)),
        np.concatenate([np.full(levels * k, middle), np.zeros(3 * m)]),
    )


# --- numbers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Zones:
    """The numbers of one treatment of inversions.

    Attributes
    ----------
    basis : the moments they come from
    rows, spreads : of the adequacy, one a group
    lines : for each distance and each share, the numbers of all measures, one line a group
    """

    basis: Basis
    rows: list[Row]
    spreads: list[tuple[Spread, bool]]
    lines: Mapping[str, list[dict[str, Array]]]

    @classmethod
    def of(cls, basis: Basis, interval: Interval, level: float) -> _Zones:
        """Every number of every group."""
        rows = {name: [_row(basis, label, *columns) for label in basis.labels] for name, columns in DISTANCES.items()}
        spreads = {name: [_spread(basis, row, interval, *DISTANCES[name]) for row in rows[name]] for name in rows}
        lines = {
            name: [
                row_numbers(basis, row, *spread, level) for row, spread in zip(rows[name], spreads[name], strict=True)
            ]
            for name in rows
        }
        shares = [_shares(basis, label, interval, level) for label in basis.labels]
        lines |= {name: [share[name] for share in shares] for name in PLACES}
        return cls(basis, rows["adequacy"], spreads["adequacy"], lines)

    def stacked(self, name: str, what: What, *numbers: str) -> dict[str, Array]:
        """Numbers of one distance or share, of one kind of measure, all groups below each other."""
        chosen = self.basis.index(what)
        return {number: np.concatenate([line[number][chosen] for line in self.lines[name]]) for number in numbers}


def _row(basis: Basis, label: tuple[Any, ...], upper: str, lower: str | None) -> Row:
    """Mean of one column minus that of another, for every measure, and the influence of each respondent on it."""
    domain = next(domain for domain in basis.moments.domains if domain[:2] == ("own", label))
    everything = np.arange(len(basis.measures))
    mean, influence, n = _mean(basis, domain, upper)
    under, other, _ = _mean(basis, domain, lower) if lower else (np.zeros_like(mean), np.zeros_like(influence), n)
    term = Term(domain, influence - other, 1 + everything[:, None], ("own", label))
    return Row(label, everything, under, mean, (term,), (), n, n)


def _mean(basis: Basis, domain: tuple[Any, ...], column: str) -> tuple[Array, Array, Array]:
    """(m,) mean of a column, (m, q) its influence as coefficients of ``z``, (m,) answers."""
    moments = basis.moments
    inside = moments.in_domain(domain)
    row, n = (stack[inside, 0].sum(axis=0) for stack in (moments.first, moments.count))
    mask, score, denominator, origin = _positions(basis, column)
    weight, total = row[mask], row[score] / denominator
    slope = np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0)
    m = np.arange(len(mask))
    influence = np.zeros((len(mask), len(row)))
    influence[m, score] = slope / denominator
    influence[m, mask] = -slope * total * slope
    return np.where(weight > 0, total * slope + origin, np.nan), influence, n[mask]


def _positions(basis: Basis, column: str) -> tuple[Array, Array, Array, Array]:
    """(m,) places in ``z`` of a column's masks and scores, its denominators, and its value at the origin."""
    m, score_map = len(basis.measures), basis.moments.map
    place = (*LEVELS, *PLACES).index(column) * m + np.arange(m)
    return 1 + np.arange(m), 1 + m + place, score_map.denominators[place], score_map.score_origin[place]


def _spread(basis: Basis, row: Row, interval: Interval, upper: str, lower: str | None) -> tuple[Spread, bool]:
    """Spread of a row, and whether its respondents had to be the units because they come from one cluster."""
    domain = row.terms[0].domain
    lone = within_one_cluster(basis.moments, [domain])

    def values(sums: Callable[[Any], Array]) -> Array:
        part = sums(domain)[:, 0]
        above, under = (_again(basis, part, column) if column else 0.0 for column in (upper, lower))
        return np.asarray(above - under)

    again = Again(basis.moments, basis.answers, basis.code, basis.weight, False, values)
    if lone and not isinstance(interval, Student):
        return inside_one_cluster(basis.moments, row.terms), True
    return interval.spread(basis.moments, row.terms, again), lone


def _again(basis: Basis, part: Array, column: str) -> Array:
    """(r, m) means of a column from the sums of r replicates."""
    mask, score, denominator, origin = _positions(basis, column)
    return np.asarray(part[:, score] / part[:, mask] / denominator + origin)


def _shares(basis: Basis, label: tuple[Any, ...], interval: Interval, level: float) -> dict[str, dict[str, Array]]:
    """Shares of one group with their errors, made to add up to 1."""
    rows = {name: _row(basis, label, name, None) for name in PLACES}
    shares = _adding_up(np.array([rows[name].perception for name in PLACES]))
    return {
        name: _share_line(row, share, *_spread(basis, row, interval, name, None), level)
        for (name, row), share in zip(rows.items(), shares, strict=True)
    }


def _share_line(row: Row, share: Array, spread: Spread, lone: bool, level: float) -> dict[str, Array]:
    known = np.isfinite(share)
    se = np.where((spread.df > 0) & known, spread.se, np.nan)
    on_logit = spread.replicates is None
    bounds = logit_interval(share, se, spread.df, level) if on_logit else spread.bounds(share, level)
    low, high = (np.where(known, bound, np.nan) for bound in bounds)
    return {"value": share, "se": se, "low": low, "high": high, "df": spread.df, "n": row.n_perception,
            "lone": np.full(len(share), lone)}  # fmt: skip


def _adding_up(shares: Array) -> Array:
    """(3, m) shares moved by rounding's width at most, so that they add up to exactly 1 in any order.

    They become multiples of 2^-53, whose sums up to 1 are exact, and the largest takes what the others leave.
    """
    out = np.rint(shares * _GRID) / _GRID
    largest, m = np.argmax(np.nan_to_num(out), axis=0), np.arange(out.shape[1])
    out[largest, m] = 0.0 * out[largest, m]
    out[largest, m] = 1.0 - out.sum(axis=0)
    return out


def _frame(shown: _Zones, kept: _Zones, aside: _Zones, what: What, adjust: Adjust) -> pd.DataFrame:
    """The table of one kind of measure."""
    parts = {name: table_of(shown.basis, shown.lines[name], what, adjust) for name in DISTANCES}
    first = parts["adequacy"]
    columns: dict[str, Any] = {name: first[name] for name in (*shown.basis.by, what)}
    columns |= {"minimum": first["expectation"], "desired": parts["superiority"]["expectation"]}
    columns |= {"perception": first["perception"], "position": _verdicts(parts)}
    for name, part in parts.items():
        columns |= {name: part["gap"], **{f"{name}_{number}": part[number] for number in _NUMBERS}}
    for name in PLACES:
        share = shown.stacked(name, what, "value", "se", "low", "high", "df")
        columns |= {name: share.pop("value"), **{f"{name}_{number}": values for number, values in share.items()}}
    columns["share_reason"] = _share_reasons(shown, what)
    columns["n"] = first["n"]
    columns["n_inverted"] = kept.stacked("adequacy", what, "n")["n"] - aside.stacked("adequacy", what, "n")["n"]
    return pd.DataFrame(columns)


def _verdicts(parts: Mapping[str, pd.DataFrame]) -> list[str]:
    """Where service stands, from the signs of the two intervals; "" where there is none."""
    signs = [np.where(part["low"] > 0, 1, np.where(part["high"] < 0, -1, 0))
             for part in (parts["adequacy"], parts["superiority"])]  # fmt: skip
    known = parts["adequacy"]["low"].notna() & parts["superiority"]["low"].notna()
    return [_VERDICTS[int(a), int(s)] if there else "" for a, s, there in zip(*signs, known, strict=True)]


def _share_reasons(zones: _Zones, what: What) -> Array:
    """Why a share or its interval is missing, or how it must be read."""
    shares = [zones.stacked(name, what, "value", "df", "n", "lone") for name in PLACES]
    n, df, lone = (shares[0][number] for number in ("n", "df", "lone"))
    edge = np.any([share["value"] % 1 == 0 for share in shares], axis=0)
    rules = [(n == 0, "nobody"), ((n == 1) & ~(df > 0), "one answer"), (~(df > 0), "no df"),
             (edge & lone, "one cluster, edge"), (edge, "edge"), (lone, "one cluster")]  # fmt: skip
    return np.select([rule for rule, _ in rules], [name for _, name in rules], "")


# --- inversions --------------------------------------------------------------------------------------------


def _cases(responses: Responses, inverted: Array) -> pd.DataFrame:
    """One row per inverted answer: who, which item, which levels."""
    row, item = np.nonzero(inverted)
    name = responses.respondent or "row"
    who = responses.frame[name] if responses.respondent else responses.frame.index
    found = {form: responses.answers(form).to_numpy()[row, item] for form in ("minimum", "desired")}
    ids = np.array([each.id for each in responses.instrument.items], dtype=object)
    return pd.DataFrame({name: np.asarray(who)[row], "item": ids[item], **found})


def _respondents(inverted: Array) -> pd.DataFrame:
    """How many respondents inverted how many items."""
    counts = np.bincount(inverted.sum(axis=1))
    return pd.DataFrame({"n_items": np.arange(len(counts)), "n_respondents": counts})


def _people(respondents: pd.DataFrame) -> int:
    return int(respondents.loc[respondents["n_items"] > 0, "n_respondents"].sum())


def _side_by_side(kept: _Zones, aside: _Zones) -> pd.DataFrame:
    """Scores with and without inversions, of items, dimensions and totals."""
    return pd.concat([_beside(kept, aside, what) for what in ("item", "dimension", "total")], ignore_index=True)


def _beside(kept: _Zones, aside: _Zones, what: What) -> pd.DataFrame:
    basis = kept.basis
    ids = [basis.measures[k].id for k in basis.index(what)]
    columns: dict[str, Any] = {
        name: [label[k] for label in basis.labels for _ in ids] for k, name in enumerate(basis.by)
    }
    n, without = (zones.stacked("adequacy", what, "n")["n"] for zones in (kept, aside))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (n - without) / n
    columns |= {"kind": what, "measure": ids * len(basis.labels), "n": n, "n_inverted": n - without}
    columns |= {"share_inverted": share, "n_without": without}
    for name in ("adequacy", "superiority"):
        mine, theirs = (zones.stacked(name, what, "gap", "low", "high") for zones in (kept, aside))
        columns |= {name: mine["gap"], f"{name}_low": mine["low"], f"{name}_high": mine["high"]}
        columns |= {f"{name}_without": theirs["gap"], f"{name}_without_low": theirs["low"]}
        columns |= {f"{name}_without_high": theirs["high"], f"{name}_change": theirs["gap"] - mine["gap"]}
    return pd.DataFrame({**columns, "reason": aside.stacked("adequacy", what, "reason")["reason"]})


def _inversion_remark(sides: InversionTable, what: What, treatment: Inversions) -> Text:
    """How many inversions there are, what was done, and the largest change of a table's rows by that."""
    items, people = len(sides.cases), _people(sides.respondents)
    if not items:
        return {"en": "no inversions (minimum above desired)", "zh": "无倒置回答（最低水平高于理想水平）"}
    done, other = {"keep": ("kept", "without"), "set aside": ("set aside", "with")}[treatment]
    zh_done, zh_other = {"keep": ("保留", "不含"), "set aside": ("搁置", "计入")}[treatment]
    rows = sides.frame[(sides.frame["kind"] == what) & (sides.frame["measure"] != "sum")]
    en, zh = (
        [_largest(sides, rows, name, language) for name in ("adequacy", "superiority")] for language in ("en", "zh")
    )
    return {
        "en": f"{items:,} inversions (minimum above desired) by {people:,} respondents {done}; {other} them "
        f"{' and '.join(en)}",
        "zh": f"{people:,} 位受访者有 {items:,} 处倒置（最低水平高于理想水平），已{zh_done}；{zh_other}这些回答时{'，'.join(zh)}",
    }


def _largest(sides: InversionTable, rows: pd.DataFrame, name: str, language: str) -> str:
    """The row of a table that changes most, in words."""
    change, mark = rows[f"{name}_change"].abs(), say(_NAMES[name], language)
    if not change.notna().any():
        return f"无法给出 {mark}" if language == "zh" else f"no {mark} can be given"
    row = rows.iloc[int(np.nanargmax(change))]
    words = {**(sides.instrument.words() if sides.instrument else {}), **TOTALS}
    named = [say(words.get(row["measure"], row["measure"]), language)]
    named += [column.show(row[column.name], language) for column in sides.by_columns]
    size, where = f"{change.max():.2f}", ("、" if language == "zh" else ", ").join(named)
    return f"{mark} 最多变化 {size}（{where}）" if language == "zh" else f"{mark} changes by at most {size} ({where})"
