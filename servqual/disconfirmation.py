"""How else may disconfirmation be measured than as P − E? Nearness to an ideal point, and asking for it directly.

Perception minus expectation calls every further point an improvement. Where customers have an ideal point (a visit may
be too short as well as too long), quality is nearness to it, and the gap can grow while quality falls: Teas' evaluated
performance and normed quality. And it takes two answers where one would do: "better or worse than you expected?".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import gcd, log10
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Interval,
    Mean,
    adjust_p,
    choose_interval,
    estimate,
    logit_interval,
    t_pvalue,
)
from servqual.instruments import Instrument, Outcome, Scale
from servqual.measures import HEADINGS, TOTALS, Basis, Measure, Total, What, plan_measures
from servqual.moments import NOT_STATED
from servqual.remarks import base_remark, design_remarks, kept_remark, pairing_remark
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
    suited_interval,
    table_of,
)
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Text, say

Array = NDArray[Any]
Ideal = Mapping[str, float] | float | str

_DIGITS = 9  # importance is read to so many digits of its largest weight
_SCORE = ("se", "low", "high", "n", "df", "deff", "reason")
_FORM_ZH: Mapping[str, str] = {"expectation": "期望", "minimum": "最低水平", "desired": "理想水平"}
_NORM = ("se", "low", "high", "df", "p", "p_adjusted", "deff", "reason")


@dataclass(frozen=True, eq=False, repr=False)
class EvaluatedTable(MeasureTable):
    """Evaluated performance and normed quality of items, dimensions or totals, one row each and per group.

    Frame columns: the split columns, ``item``/``dimension``/``total``; ``evaluated`` (EP, at most 0) with
    ``se, low, high, n, df, deff, reason``; where an expectation form was answered also ``norm`` (the EP of what was
    expected), ``normed`` (NQ) and, with ``normed_`` before them, ``n, se, low, high, df, p, p_adjusted, deff, reason``;
    with two files also ``norm_n``, the expectation answers.
    """

    adjust: Adjust = "holm"

    def title(self) -> str:
        return self.headed({"en": "Evaluated performance", "zh": "评价绩效（与理想点的距离）"})

    def columns(self) -> tuple[Column, ...]:
        shown = [Column("evaluated", {"en": "EP", "zh": "评价绩效 EP"}, "signed"),
                 *(NUMBER_COLUMNS[name] for name in ("se", "low", "high", "n", "df", "deff")),
                 Column("norm", {"en": "norm", "zh": "标准 Qe"}, "signed"),
                 Column("normed", {"en": "NQ (EP − norm)", "zh": "规范质量 NQ（EP − Qe）"}, "signed"),
                 *(_of_norm(name) for name in ("low", "high", "n", "p_adjusted"))]  # fmt: skip
        shown += [column for column in (NUMBER_COLUMNS["reason"], _of_norm("reason"))
                  if self.frame.get(column.name, pd.Series(dtype=object)).any()]  # fmt: skip
        return (*self.labels(), *(column for column in shown if column.name in self.frame.columns))

    def about(self) -> tuple[Text, ...]:
        if "normed" not in self.frame.columns:
            return ()
        method = ADJUSTMENTS[self.adjust]
        return ({"en": f"p of NQ adjusted over the table: {say(method, 'en')}",
                 "zh": f"NQ 的 p 值校正：{say(method, 'zh')}（全表）"},)  # fmt: skip

    def estimate(self, key: str, **group: Any) -> Estimate:
        """Evaluated performance of one row as an :class:`~survey_design.results.Estimate`."""
        return self.as_estimate(self.row(key, group), "evaluated")

    def sentence(self, key: str, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self.row(key, group), self.language == "zh"
        place, value, reason = self.place(row), row["evaluated"], say(REASONS[row["reason"]], self.language)
        if not np.isfinite(value):
            return self.nothing(place, "score", reason)
        said = self._signed("EP", value, row["low"], row["high"], reason)
        said += self._normed(row) if "normed" in row.index else ""
        if zh:
            return f"{place}与理想点平均相距 {abs(value):.2f} 分（{said}，n = {int(row['n']):,}）。"
        return f"{place} is {abs(value):.2f} points from the ideal ({said}, n = {int(row['n']):,})."

    def _normed(self, row: pd.Series) -> str:
        reason = say(REASONS[row["normed_reason"]], self.language)
        text = self._signed("NQ", row["normed"], row["normed_low"], row["normed_high"], reason)
        return ("；" if self.language == "zh" else "; ") + text

    def _signed(self, name: str, value: float, low: float, high: float, reason: str) -> str:
        """A score with its interval, or with the reason why there is none."""
        comma = "，" if self.language == "zh" else ", "
        error = Estimate(value, np.nan, low, high, 0, np.nan, self.level).interval(self.language)
        return (
            f"{name} {NUMBER_COLUMNS['gap'].show(value, self.language)}{comma}{error if np.isfinite(low) else reason}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class EvaluatedPerformance(MeasureScores):
    """Evaluated performance of a study: dimensions, items and the total.

    Attributes
    ----------
    dimensions, items, total : EvaluatedTable
    ideal : the ideal level of each item, or the form that holds everyone's own
    responses, basis, interval : what they were computed from
    """

    dimensions: EvaluatedTable = None  # type: ignore[assignment]
    items: EvaluatedTable = None  # type: ignore[assignment]
    total: EvaluatedTable = None  # type: ignore[assignment]
    ideal: Mapping[str, float] | str = ""

    def table(self, table: Table) -> EvaluatedTable:
        """One of the three tables."""
        return super().table(table)


def _of_norm(name: str) -> Column:
    column = NUMBER_COLUMNS[name]
    label = {language: f"NQ {say(column.label, language)}" for language in ("en", "zh")}
    return replace(column, name=f"normed_{name}", label=label)


def evaluated_performance(
    responses: Responses,
    *,
    ideal: Ideal,
    importance: Mapping[str, float] | None = None,
    by: str | Sequence[str] | None = None,
    adjust: Adjust = "holm",
    level: float = 0.95,
    interval: Interval | None = None,
) -> EvaluatedPerformance:
    """Teas' evaluated performance (EP) and normed quality (NQ): nearness to the ideal, 0 at best.

    Parameters
    ----------
    responses : Responses with perceptions; expectations, of the same or other people, serve as the norm of NQ
    ideal : number, mapping or form
        The ideal level of all items, of each item, or the form in which everyone named their own ("expectation",
        "desired"). The top of the scale says "the more the better".
    importance : weight per item, optional
        Only proportions matter: within each row the weights are made to average 1.
    by : column or columns to split by, optional
    adjust : correction of the p-values of NQ over all rows of a table
    level : confidence of the intervals
    interval : Taylor(), Student() or replicates; by default Taylor where the responses have a sample design

    Returns
    -------
    EvaluatedPerformance

    Notes
    -----
    Over the k items of a row, with perception P, ideal I and expectation E (Teas' excellence norm)::

        EP = -1/k sum w |P - I|
        NQ = EP - Qe,   Qe = -1/k sum w |E - I|

    Teas sums; we divide by k, so that scores are in scale points; the total "sum" is his sum. EP is never above 0 and is
    0 where everybody met the ideal on every item. NQ above 0: service came nearer to the ideal than what was expected;
    below 0: it stayed further away. With the ideal at the top of the scale NQ is the SERVQUAL gap P - E, and EP is the
    perception less that top; they part where an ideal lies within the scale. Distances are taken per respondent before
    anything is averaged: the mean of ``|P - I|`` is not ``|mean P - I|``. Whole-number ideals keep sums exact. Bounds
    of EP are not cut off at 0. The total averages items.

    References
    ----------
    Teas (1993), Journal of Marketing 57(4), 18-34, doi:10.1177/002224299305700402. Checked by hand, and against
    ``score_gaps`` and ``score_performance`` with the ideal at the top (tests/test_disconfirmation.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame(
    ...     {
    ...         **{column: [7, 6, 6, 7] for column in instrument.columns("expectation").values()},
    ...         **{column: [6, 5, 7, 4] for column in instrument.columns("perception").values()},
    ...     }
    ... )
    >>> scores = evaluated_performance(Responses(data, instrument), ideal=6)
    >>> frame = scores.to_frame().set_index("dimension")
    >>> [float(frame.loc["reliability", name]) for name in ("evaluated", "norm", "normed")]
    [-1.0, -0.5, -0.5]
    >>> scores.sentence("reliability")
    'Reliability is 1.00 points from the ideal (EP −1.00, 95% CI −2.30 to 0.30; NQ −0.50, 95% CI −2.09 to 1.09, n = 4).'
    """
    check_between("level", level, 0, 1)
    check_choice("adjust", adjust, Adjust)
    if "perception" not in responses.forms:
        raise SpecError(f"{responses.source.name} holds no perception answers.")
    items = list(responses.matches)
    points = _checked_ideal(ideal, responses, items)
    measures = _measures(responses.instrument, items, importance)
    turned, by = _turned(responses, points), split_columns(by)
    check_split(by, ("evaluated", "norm", "norm_n", "normed"))
    alone = turned._with(expectation=None, matches={item: item for item in items})
    own = Basis.of(alone, measures, by, None, np.zeros(len(measures)))
    norm = Basis.of(turned, measures, by, None, None) if _has_norm(responses, points) else None
    remarks = _norm_remarks(turned, norm, points, importance is not None)
    return _scores(turned if norm else alone, own, norm, points, remarks, adjust, level, interval)


def _scores(
    responses: Responses,
    own: Basis,
    norm: Basis | None,
    points: Mapping[str, float] | str,
    said: Sequence[Text],
    adjust: Adjust,
    level: float,
    interval: Interval | None,
) -> EvaluatedPerformance:
    designs = [side.design for side in responses.sides]
    chosen = suited_interval(responses, interval)
    rows = [own.row(label) for label in own.labels]
    spreads = [own.spread([(1.0, row)], chosen) for row in rows]
    design = design_remarks(responses, own, spreads, chosen)
    remarks = (base_remark(responses, rows), _ideal_remark(points), *said, *design)
    lines = [row_numbers(own, row, *spread, level) for row, spread in zip(rows, spreads, strict=True)]
    normed = None if norm is None else _normed_lines(norm, own, chosen, level)
    blank = EvaluatedTable(pd.DataFrame(), responses.language, instrument=responses.instrument, by=own.by,
                           by_columns=tuple(responses.column_of(name) for name in own.by), level=level, adjust=adjust,
                           interval=chosen, remarks=remarks, cautious=any(design.selection != "probability" for design in designs))  # fmt: skip
    tables: dict[str, Any] = {}
    for name, what in KIND_OF.items():
        frame = _frame(own, lines, norm, normed, what, adjust)
        tables[name] = replace(blank, frame=frame, what=what)
    return EvaluatedPerformance(stacked(tables), responses.language, **tables, responses=responses,
                                basis=own, interval=chosen, ideal=points)  # fmt: skip


def distances(responses: Responses, ideal: Ideal) -> pd.DataFrame:
    """(n, items) minus the distance of every perception from the ideal, columns named by item.

    What :func:`evaluated_performance` averages, for whoever needs it per respondent.

    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame({column: [7, 4] for column in instrument.columns("perception").values()})
    >>> distances(Responses(data, instrument), 6)["efficiency"].tolist()
    [-1, -2]
    """
    items = [item.id for item in responses.instrument.items]
    return _turned(responses, _checked_ideal(ideal, responses, items)).answers("perception")


# --- rows first --------------------------------------------------------------------------------------------


def _checked_ideal(ideal: Ideal, responses: Responses, items: Sequence[str]) -> Mapping[str, float] | str:
    """A level for every item, or the name of the form that holds them."""
    if isinstance(ideal, str):
        own = [form for form in responses.forms if form != "perception"]
        if ideal not in own:
            known = f"use one of {', '.join(own)}, or give" if own else "give"
            raise SpecError(f"ideal={ideal!r}: the same people did not answer that form; {known} levels: ideal=7.")
        return ideal
    if not isinstance(ideal, (Mapping, Real)):
        raise SpecError(f"ideal={ideal!r} is not a level. Give a number, one number per item, or the name of a form.")
    levels: dict[str, Any] = dict(ideal) if isinstance(ideal, Mapping) else dict.fromkeys(items, ideal)
    unknown, lacking = sorted(set(levels) - set(items)), [item for item in items if item not in levels]
    if unknown or lacking:
        named = ", ".join(unknown or lacking)
        raise SpecError(
            f"ideal {'names unknown items' if unknown else 'lacks the items'} {named}. Give one level per item."
        )
    scale = responses.instrument.scale
    off = [item for item in items if not scale.low <= float(levels[item]) <= scale.high]
    if off:
        raise SpecError(f"ideal levels of {', '.join(off)} lie outside the scale {scale.low}-{scale.high}.")
    return {item: float(levels[item]) for item in items}


def _has_norm(responses: Responses, points: Mapping[str, float] | str) -> bool:
    """True if expectations can be held against the same ideal."""
    if responses.pairing == "independent":
        return not isinstance(points, str)
    return "expectation" in responses.forms and points != "expectation"


def _turned(responses: Responses, points: Mapping[str, float] | str) -> Responses:
    """The same responses with every answer x replaced by -|x - ideal|."""
    other = responses.expectation
    if other is not None and not isinstance(points, str):
        theirs = {partner: points[item] for item, partner in responses.matches.items()}
        other = _with_distances(other, ("expectation",), theirs)
    forms = tuple(form for form in ("perception", "expectation") if form in responses.forms)
    return _with_distances(responses, forms, points)._with(expectation=other)


def _with_distances(responses: Responses, forms: Sequence[str], points: Mapping[str, float] | str) -> Responses:
    instrument, frame, changed = responses.instrument, responses.frame, {}
    for form in forms:
        for item, column in instrument.columns(form).items():
            if isinstance(points, str):
                changed[column] = _distance(frame[column], frame[instrument.column(points, item)])
            elif item in points:
                changed[column] = _distance(frame[column], points[item])
    return responses._with(frame=frame.assign(**changed))


def _distance(answers: pd.Series, ideal: pd.Series | float) -> pd.Series:
    """Minus the distance from the ideal; whole numbers where both are whole and nothing is missing."""
    distance = -(answers.astype(float) - ideal).abs()
    whole = bool((distance % 1 == 0).all())
    return distance.astype(np.int16) if whole else distance


def _measures(
    instrument: Instrument, items: Sequence[str], importance: Mapping[str, float] | None
) -> tuple[Measure, ...]:
    """Items, dimensions and totals, items weighted by their importance."""
    plain = plan_measures(instrument, items, "items", None)
    if importance is None:
        return plain
    if set(importance) != set(items):
        odd = ", ".join(sorted(set(importance) ^ set(items)))
        raise SpecError(f"importance must give a weight to each scored item, and to no other; see {odd}.")
    weights = [float(importance[item]) for item in items]
    if not all(0 <= weight < np.inf for weight in weights) or not any(weights):
        raise SpecError(f"importance {dict(importance)}: weights must be 0 or more, and not all 0.")
    points = _whole_numbers(weights)
    return tuple(_weighted(measure, points) for measure in plain)


def _whole_numbers(weights: Sequence[float]) -> list[int]:
    """Whole numbers in the same proportions, to nine digits of the largest.

    >>> _whole_numbers([0.5, 1.25, 0])
    [2, 5, 0]
    """
    written = max(-int(Decimal(repr(weight)).as_tuple().exponent) for weight in weights)
    decimals = min(written, _DIGITS - 1 - int(np.floor(log10(max(weights)))))
    points = [round(Decimal(repr(weight)).scaleb(decimals)) for weight in weights]
    return [point // gcd(*points) for point in points]


def _weighted(measure: Measure, points: Sequence[int]) -> Measure:
    """The same measure with weights in proportion to the points, averaging 1 over its items."""
    if measure.what == "item":
        return measure
    weights = tuple(point if used else 0 for point, used in zip(points, measure.weights, strict=True))
    if not any(weights):
        raise SpecError(
            f"importance gives no weight to any item of '{measure.id}'. Give at least one of them a weight."
        )
    if measure.id == "sum" and measure.what == "total":
        k = sum(map(bool, measure.weights))
        return replace(measure, weights=tuple(k * weight for weight in weights), denominator=sum(weights))
    return replace(measure, weights=weights, denominator=sum(weights))


# --- numbers and words -------------------------------------------------------------------------------------


def _normed_lines(norm: Basis, own: Basis, interval: Interval, level: float) -> list[dict[str, Array]]:
    """The numbers of normed quality, in the order of the groups of evaluated performance."""
    rows = [norm.row(label) for label in own.labels]
    return [row_numbers(norm, row, *norm.spread([(1.0, row)], interval), level) for row in rows]


def _frame(
    own: Basis,
    lines: Sequence[Mapping[str, Array]],
    norm: Basis | None,
    normed: Sequence[Mapping[str, Array]] | None,
    what: What,
    adjust: Adjust,
) -> pd.DataFrame:
    part = table_of(own, lines, what, "none")
    columns = {name: part[name] for name in (*own.by, what)} | {"evaluated": part["gap"]}
    columns |= {name: part[name] for name in _SCORE}
    columns["reason"] = part["reason"].replace("no variation", "")
    if norm is not None and normed is not None:
        other = table_of(norm, normed, what, adjust)
        columns |= {"norm": other["expectation"], "normed": other["gap"], "normed_n": other["n"]}
        columns |= {f"normed_{name}": other[name] for name in _NORM}
        columns |= {"norm_n": other["n_expectation"]} if "n_expectation" in other.columns else {}
    return pd.DataFrame(columns)


def _ideal_remark(points: Mapping[str, float] | str) -> Text:
    if isinstance(points, str):
        return {"en": f"ideal: what each respondent named in the {points} form",
                "zh": f"理想点：每位受访者在{_FORM_ZH.get(points, points)}问卷中的回答"}  # fmt: skip
    levels = sorted(set(points.values()))
    span = f"{levels[0]:g}" if len(levels) == 1 else f"{levels[0]:g}–{levels[-1]:g}"
    return {"en": f"ideal level {span} as given, which carries no error", "zh": f"理想点 {span}（给定，无误差）"}


def _norm_remarks(
    responses: Responses, norm: Basis | None, points: Mapping[str, float] | str, weighted: bool
) -> list[Text]:
    """What normed quality rests on, or why there is none."""
    said: list[Text] = []
    if norm is not None:
        paired = pairing_remark(responses, norm, False)
        said.append({"en": f"NQ: {paired['en']}", "zh": f"NQ：{paired['zh']}"})
    elif points == "expectation":
        said.append(
            {"en": "the expectation is the ideal itself, so NQ would equal EP", "zh": "期望即理想点，NQ 与 EP 相同"}
        )
    elif responses.pairing == "independent":
        said.append({"en": "no NQ: other people's expectations cannot be held against everyone's own ideal",
                     "zh": "无 NQ：他人的期望无法与各人自己的理想点相比"})  # fmt: skip
    else:
        said.append({"en": "no NQ: it needs the expectation form", "zh": "无 NQ：需要期望问卷"})
    if weighted:
        said.append({"en": "items weighted by importance as given", "zh": "题项按给定的重要性加权"})
    if responses.unmatched:
        listed = ", ".join(f"{item} ({form})" for form, item in responses.unmatched)
        said.append({"en": f"without partner in the other file, so not scored: {listed}",
                     "zh": f"另一份文件中没有对应题项，未计分：{listed}"})  # fmt: skip
    return said


# --- asked directly ----------------------------------------------------------------------------------------

DISCONFIRMATION = "disconfirmation"
Kind = What
_PLACES: Mapping[str, Text] = {
    "worse": {"en": "worse", "zh": "比预期差"},
    "same": {"en": "as expected", "zh": "与预期相同"},
    "better": {"en": "better", "zh": "比预期好"},
}
_OVERALL: Text = {"en": "Overall", "zh": "总体"}
_DIRECT = ("measure", "kind", "mean", "se", "low", "high", "n", "dropped", "df", "p", "p_adjusted", "deff", "reason", "estimate",
           "statistic", *(f"{place}{end}" for place in _PLACES for end in ("", "_low", "_high")))  # fmt: skip


@dataclass(frozen=True, eq=False)
class DirectAnswers:
    """What respondents said when asked for disconfirmation itself, as points above or below the neutral answer.

    Attributes
    ----------
    scores : (n, m) one column per measure, 0 where all is as expected, nan where an answer it needs is missing
    kinds : item, dimension or total, by measure
    labels : what the measures are called
    neutral : the answers that count as 0, in words
    """

    scores: pd.DataFrame
    kinds: Mapping[str, Kind]
    labels: Mapping[str, Text]
    neutral: str

    def of_kind(self, kind: Kind) -> pd.DataFrame:
        """The scores of one kind."""
        return self.scores[[name for name in self.scores.columns if self.kinds[name] == kind]]


def direct_answers(
    responses: Responses,
    questions: str | Mapping[str, str] | None = None,
    *,
    neutral: int | None = None,
    total: Total = "dimensions",
) -> DirectAnswers:
    """The answers behind :func:`direct_disconfirmation`, one row per respondent; parameters as there.

    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7] for column in instrument.columns("perception").values()})
    >>> answers = direct_answers(Responses(data.assign(satisfaction=[3, 4, 7]), instrument), "satisfaction")
    >>> answers.scores["overall"].tolist()
    [-1.0, 0.0, 3.0]
    """
    if questions is None:
        return _answers_of_form(responses, neutral, total)
    asked = {"overall": questions} if isinstance(questions, str) else dict(questions)
    return _answers_of_questions(responses, asked, neutral)


def _answers_of_form(responses: Responses, neutral: int | None, total: Total) -> DirectAnswers:
    if DISCONFIRMATION not in responses.forms:
        raise SpecError(
            f"{responses.source.name} holds no direct disconfirmation. Ask the items in a form '{DISCONFIRMATION}', or name "
            "outcome questions: 'better_than_expected', or {'reliability': 'reliability_better', ...}."
        )
    instrument, items = responses.instrument, [item.id for item in responses.instrument.items]
    zero = _neutral_of(instrument.scale, neutral, f"the form '{DISCONFIRMATION}'")
    measures = [m for m in plan_measures(instrument, items, total, None) if m.id != "sum" or m.what != "total"]
    above = responses.answers(DISCONFIRMATION).to_numpy(float) - zero
    scores = {m.id: m.of(above) for m in measures}
    return DirectAnswers(pd.DataFrame(scores, index=responses.frame.index), {m.id: m.what for m in measures},
                         {**instrument.words(), "mean": TOTALS["mean"]}, str(zero))  # fmt: skip


def _answers_of_questions(responses: Responses, asked: Mapping[str, str], neutral: int | None) -> DirectAnswers:
    instrument = responses.instrument
    known = [dimension.id for dimension in instrument.dimensions]
    unknown = [name for name in asked if name not in (*known, "overall")]
    if unknown or not asked:
        raise SpecError(
            f"questions name {', '.join(unknown) or 'nothing'}: give one outcome for each of some dimensions "
            f"({', '.join(known) or 'none'}), or for 'overall'."
        )
    outcomes = {name: _outcome(responses, question) for name, question in asked.items()}
    zeros = {name: _neutral_of(each.scale, neutral, f"'{each.id}'") for name, each in outcomes.items()}
    scores = pd.DataFrame(
        {name: responses.frame[each.column].astype(float) - zeros[name] for name, each in outcomes.items()}
    )
    kinds: dict[str, Kind] = {name: "dimension" if name in known else "total" for name in asked}
    rulers = {(each.scale.low, each.scale.high) for each in outcomes.values()}
    if "overall" not in asked and len(asked) > 1 and len(rulers) == 1:  # points of one scale may be averaged
        scores, kinds = scores.assign(mean=scores.mean(axis=1, skipna=False)), {**kinds, "mean": "total"}
    labels = {**instrument.words(), "mean": TOTALS["mean"], "overall": _OVERALL}
    labels |= {"overall": outcomes["overall"].label} if "overall" in outcomes else {}
    return DirectAnswers(scores, kinds, labels, ", ".join(dict.fromkeys(map(str, zeros.values()))))


def _outcome(responses: Responses, name: str) -> Outcome:
    known = {key: outcome for outcome in responses.instrument.outcomes for key in (outcome.id, outcome.column)}
    if name not in known:
        listed = ", ".join(outcome.id for outcome in responses.instrument.outcomes) or "none"
        raise SpecError(
            f"the instrument has no outcome '{name}'; its outcomes: {listed}. Declare the question as an outcome with its "
            "scale, so that its neutral answer is known."
        )
    if known[name].column not in responses.frame.columns:
        raise DataError(
            f"{responses.source.name} has no answers to '{name}': there is no column '{known[name].column}'."
        )
    return known[name]


def _neutral_of(scale: Scale, neutral: int | None, where: str) -> int:
    """The answer that says "as expected": the middle of the scale, unless another is named."""
    if neutral is None and not scale.allows(scale.midpoint):
        raise SpecError(
            f"{where} is answered from {scale.low} to {scale.high}, which has no middle answer. Name the neutral one: neutral=0."
        )
    point = scale.midpoint if neutral is None else neutral
    if not isinstance(point, Real) or not scale.low < float(point) < scale.high or not scale.allows(float(point)):
        raise SpecError(
            f"neutral={neutral!r}: {where} is answered in whole numbers from {scale.low} to {scale.high}; the neutral answer "
            "must lie between them."
        )
    return int(float(point))


@dataclass(frozen=True, eq=False, repr=False)
class DirectTable(Estimates):
    """Direct disconfirmation, one row per measure and group.

    Frame columns: the split columns, ``measure, kind`` (item, dimension or total), ``mean`` (points above the neutral
    answer; below 0 is worse than expected) with ``se, low, high, n, dropped, df, p, p_adjusted, deff, reason``; the shares
    ``worse, same, better`` of respondents below, at and above the neutral answer, each with ``_low`` and ``_high``.
    """

    words: Mapping[str, Text] = field(default_factory=dict)
    adjust: Adjust = "holm"
    neutral: str = ""

    def title(self) -> str:
        return self.titled(
            {"en": "Direct disconfirmation: better or worse than expected", "zh": "直接测量的期望不一致"}
        )

    def columns(self) -> tuple[Column, ...]:
        mean = Column("mean", {"en": "mean (0 = as expected)", "zh": "均值（0 = 与预期相同）"}, "signed")
        signed = [replace(NUMBER_COLUMNS[name], kind="signed") for name in ("low", "high")]
        shares = [Column(name, label, "share") for name, label in _PLACES.items()]
        return (
            *self.by_columns,
            Column("measure", {"en": "measure", "zh": "指标"}, "text", self.words),
            mean,
            NUMBER_COLUMNS["se"],
            *signed,
            NUMBER_COLUMNS["n"],
            Column("dropped", {"en": "no answer", "zh": "未作答"}, "count"),
            *(NUMBER_COLUMNS[name] for name in ("df", "p_adjusted")),
            *shares,
            NUMBER_COLUMNS["deff"],
            *self.reasons(),
        )

    def note(self) -> str:
        neutral: Text = {
            "en": f"the neutral answer {self.neutral} counts as 0",
            "zh": f"中性回答 {self.neutral} 记为 0",
        }
        return self.noted(neutral, *self.remarks, self.how(), *self.about())

    def about(self) -> tuple[Text, ...]:
        method = ADJUSTMENTS[self.adjust]
        return ({"en": f"p tests that the mean is 0, adjusted over the rows of one kind: {say(method, 'en')}",
                 "zh": f"p 值检验均值为 0，校正：{say(method, 'zh')}（同类各行）"},)  # fmt: skip

    def row(self, measure: str, **group: Any) -> pd.Series:
        """The numbers of one measure in one group."""
        return self.find("measure", measure, group)

    def estimate(self, measure: str, **group: Any) -> Estimate:
        """The mean of one row as an :class:`~survey_design.results.Estimate`."""
        return self.as_estimate(self.row(measure, **group), "mean")

    def sentence(self, measure: str, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh, found = self.row(measure, **group), self.language == "zh", self.estimate(measure, **group)
        place = self.beside(say(self.words.get(measure, {"en": measure}), self.language), row)
        if not np.isfinite(row["mean"]):
            return self.nothing(place, "score", found.reason)
        error = found.interval(self.language) if np.isfinite(row["low"]) else found.reason
        comma = "，" if zh else ", "
        base = f"{error}{comma}n = {int(row['n']):,}"
        parts = [_part(name, row[name], self.language) for name in _PLACES]
        if zh:
            return f"{place}：{_verdict(row, 'zh')}（{base}）；{'，'.join(parts)}。"
        return f"{place}: {_verdict(row, 'en')} ({base}); {', '.join(parts)}."


def _part(name: str, share: float, language: str) -> str:
    shown = f"{100 * share:.0f}%"
    return f"{shown} {say(_PLACES[name], language)}"


def _verdict(row: pd.Series, language: str) -> str:
    """The mean in words: on one side of the neutral answer, or on no clear side."""
    mean, zh = row["mean"], language == "zh"
    if not np.isfinite(row["low"]) or row["low"] <= 0 <= row["high"]:
        shown = NUMBER_COLUMNS["gap"].show(mean, language)
        return f"与预期无明确差异，{shown} 分" if zh else f"no clear difference from what was expected, {shown} points"
    if zh:
        return f"比预期{'差' if mean < 0 else '好'} {abs(mean):.2f} 分"
    return f"{abs(mean):.2f} points {'worse' if mean < 0 else 'better'} than expected"


@dataclass(frozen=True, eq=False, repr=False)
class DirectDisconfirmation(DirectTable):
    """Direct disconfirmation of dimensions and the whole, with the ``items`` beside it where these were asked."""

    items: DirectTable | None = None


def direct_disconfirmation(
    responses: Responses,
    questions: str | Mapping[str, str] | None = None,
    *,
    neutral: int | None = None,
    total: Total = "dimensions",
    by: str | Sequence[str] | None = None,
    adjust: Adjust = "holm",
    level: float = 0.95,
    interval: Interval | None = None,
) -> DirectDisconfirmation:
    """Was service better or worse than expected? Answers to that very question, about their neutral point.

    Parameters
    ----------
    responses : Responses
    questions : outcome, or a mapping from dimensions (and "overall") to outcomes, optional
        Left out, the items must have been asked in a form "disconfirmation" on the instrument's scale.
    neutral : the answer that says "as expected"; by default the middle of the scale (4 of 1-7, 0 of −3 to 3)
    total : {"dimensions", "items"}
        Whether the mean over everything averages dimension scores or items.
    by : column or columns to split by, optional
    adjust : correction of the p-values over the rows of one kind
    level : confidence of the intervals
    interval : Taylor(), Student() or replicates; by default Taylor where the responses have a sample design

    Returns
    -------
    DirectDisconfirmation

    Notes
    -----
    A respondent's score is the mean over the items of a row of ``answer − neutral``, for those who answered all of them;
    ``worse, same, better`` are the shares of respondents whose score lies below, at and above 0. Shares have an interval on
    the logit scale (none at 0% and 100%). One answer has no difference-score faults: no low reliability by construction,
    no ceiling of expectations. But it says not what was expected, and who is satisfied tends to say "better".
    :func:`servqual.criterion.compare_direct` holds it against the computed P − E.

    References
    ----------
    Oliver (1980), Journal of Marketing Research 17, 460-469, doi:10.1177/002224378001700405. Carman (1990), Journal of
    Retailing 66, 33-55. Parasuraman, Zeithaml and Berry (1994), Journal of Marketing 58(1), 111-124,
    doi:10.1177/002224299405800109. Checked by hand, against scipy's t test, and against R's ``survey`` 4.1
    (tests/test_disconfirmation.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from dataclasses import replace
    >>> from servqual import Responses, load_instrument
    >>> from servqual.instruments import Outcome, Scale
    >>> better = Outcome("better", "better", Scale(-3, 3), {"en": "Better than expected"}, {})
    >>> instrument = replace(load_instrument("servperf-22"), outcomes=(better,))
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> direct_disconfirmation(Responses(data.assign(better=[1, 0, 3, 2, -1]), instrument), "better").sentence(
    ...     "overall"
    ... )
    'Better than expected: no clear difference from what was expected, +1.00 points (95% CI −0.96 to 2.96, n = 5); 20% worse, 20% as expected, 60% better.'
    """
    check_between("level", level, 0, 1)
    check_choice("adjust", adjust, Adjust)
    check_choice("total", total, Total)
    answers, by = direct_answers(responses, questions, neutral=neutral, total=total), split_columns(by)
    check_split(by, _DIRECT)
    check_columns(by, responses.frame.columns, responses.source.name)
    chosen = choose_interval(responses.design, interval)
    blank = DirectTable(pd.DataFrame(), responses.language, by=by, by_columns=tuple(responses.column_of(name) for name in by),
                        words=answers.labels, level=level, adjust=adjust, interval=chosen, neutral=answers.neutral,
                        cautious=responses.design.selection != "probability", remarks=(kept_remark(responses),))  # fmt: skip
    kinds: dict[str, list[pd.DataFrame]] = {kind: [] for kind in HEADINGS}
    for name in answers.kinds:
        kinds[answers.kinds[name]].append(_direct_rows(responses, answers, name, by, chosen, level))
    tables = {kind: _adjusted(frames, adjust) for kind, frames in kinds.items() if frames}
    main = pd.concat([tables[kind] for kind in ("dimension", "total") if kind in tables], ignore_index=True)
    items = replace(blank, frame=tables["item"]) if "item" in tables else None
    return DirectDisconfirmation(**{**vars(blank), "frame": main}, items=items)


def _direct_rows(
    responses: Responses, answers: DirectAnswers, name: str, by: tuple[str, ...], interval: Interval, level: float
) -> pd.DataFrame:
    """The rows of one measure: its mean about the neutral answer and the three shares, in every group."""
    score, design = answers.scores[name].to_numpy(float), responses.design
    stated = {
        column: responses.frame[column].astype(object).where(responses.frame[column].notna(), NOT_STATED)
        for column in by
    }
    parts = {"mean": score, "worse": score < 0, "same": score == 0, "better": score > 0}
    columns = {f"{DISCONFIRMATION} {part}": np.where(np.isnan(score), np.nan, values) for part, values in parts.items()}
    frame = responses.frame[design.column_names()].assign(**stated, **columns)
    found = estimate(frame, Mean(*columns), design, by=by, interval=interval, level=level).frame
    pieces = {
        part: found[found["statistic"] == column].reset_index(drop=True)
        for part, column in zip(parts, columns, strict=True)
    }
    order = _first_seen(frame, by, pieces["mean"])
    pieces = {part: piece.iloc[order].reset_index(drop=True) for part, piece in pieces.items()}
    mean, spreadless = pieces["mean"], pieces["mean"]["se"] == 0
    total = frame.groupby(list(by), sort=False).size().to_numpy() if by else np.array([len(frame)])
    rows = mean[list(by)].assign(measure=name, kind=answers.kinds[name], mean=mean["estimate"])
    rows = rows.assign(
        **{column: mean[column] for column in ("se", "low", "high", "n")}, dropped=total - mean["n"], df=mean["df"]
    )
    rows["p"] = t_pvalue(*(mean[column].to_numpy(float) for column in ("estimate", "se", "df")))
    for part in _PLACES:
        rows = rows.assign(**_share_columns(part, pieces[part], interval, level))
    return rows.assign(deff=mean["deff"].where(~spreadless),
                       reason=mean["reason"].where((mean["reason"] != "") | ~spreadless, "no variation"))  # fmt: skip


def _first_seen(frame: pd.DataFrame, by: tuple[str, ...], found: pd.DataFrame) -> list[int]:
    """Where the groups stand in a table, in order of their first appearance in the data."""
    if not by:
        return [0]
    place = {label: k for k, label in enumerate(found[list(by)].itertuples(index=False, name=None))}
    return [place[label] for label in frame[list(by)].drop_duplicates().itertuples(index=False, name=None)]


def _share_columns(part: str, found: pd.DataFrame, interval: Interval, level: float) -> dict[str, Array]:
    """A share and its bounds: on the logit scale, or the quantiles of replicates where these were asked for."""
    share, se, df = (found[name].to_numpy(float) for name in ("estimate", "se", "df"))
    low, high = logit_interval(share, se, df, level)
    if getattr(interval, "percentile", False):
        low, high = found["low"].to_numpy(float), found["high"].to_numpy(float)
    return {part: share, f"{part}_low": low, f"{part}_high": high}


def _adjusted(frames: Sequence[pd.DataFrame], adjust: Adjust) -> pd.DataFrame:
    """Rows below each other, with p-values corrected over all of them."""
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjust_p(frame["p"].to_numpy(float), adjust))
    return frame
