"""How far is service from the ideal? Teas' evaluated performance and normed quality, for critics of P − E.

Perception minus expectation calls every further point an improvement. Where customers have an ideal point (a visit may
be too short as well as too long), quality is nearness to it, and the gap can grow while quality falls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import gcd, log10
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.gaps import Table
from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS, REASONS, Adjust, Interval, choose_interval
from servqual.instruments import Instrument
from servqual.measures import Basis, Measure, What, plan_measures
from servqual.remarks import base_remark, design_remarks, pairing_remark
from servqual.responses import Responses
from servqual.tabulation import KIND_OF, row_numbers, split_columns, table_of
from servqual.tolerance import MeasureScores, MeasureTable, check_split
from survey_design.errors import SpecError, check_between, check_choice
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

    def tests(self) -> tuple[Text, ...]:
        if "normed" not in self.frame.columns:
            return ()
        method = ADJUSTMENTS[self.adjust]
        return ({"en": f"p of NQ adjusted over the table: {say(method, 'en')}",
                 "zh": f"NQ 的 p 值校正：{say(method, 'zh')}（全表）"},)  # fmt: skip

    def estimate(self, key: str, **group: Any) -> Estimate:
        """Evaluated performance of one row as an :class:`~survey_design.results.Estimate`."""
        row = self.row(key, group)
        se, low, high, n, df, deff, reason = (row[number] for number in _SCORE)
        return Estimate(row["evaluated"], se, low, high, int(n), df, self.level, deff=deff, method=self.method,
                        reason=say(REASONS[reason], self.language))  # fmt: skip

    def sentence(self, key: str, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self.row(key, group), self.language == "zh"
        place, value, reason = self.place(row), row["evaluated"], say(REASONS[row["reason"]], self.language)
        if not np.isfinite(value):
            return f"{place}：无法计算（{reason}）。" if zh else f"{place}: no score can be given ({reason})."
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
    chosen = choose_interval(next((design for design in designs if not design.is_simple), designs[0]), interval)
    rows = [own.row(label) for label in own.labels]
    spreads = [own.spread([(1.0, row)], chosen) for row in rows]
    design = design_remarks(responses, own, spreads)
    remarks = (base_remark(responses, rows), _ideal_remark(points), *said, *design)
    lines = [row_numbers(own, row, *spread, level) for row, spread in zip(rows, spreads, strict=True)]
    normed = None if norm is None else _normed_lines(norm, own, chosen, level)
    blank = EvaluatedTable(pd.DataFrame(), responses.language, responses.instrument, own.by,
                           tuple(responses.column_of(name) for name in own.by), level=level, adjust=adjust, interval=chosen,
                           remarks=remarks, cautious=any(design.selection != "probability" for design in designs))  # fmt: skip
    tables = {}
    for name, what in KIND_OF.items():
        frame = _frame(own, lines, norm, normed, what, adjust)
        tables[name] = replace(blank, frame=frame, what=what)
    stacked = pd.concat([tables["dimensions"].frame, tables["total"].frame.rename(columns={"total": "dimension"})])
    return EvaluatedPerformance(stacked.reset_index(drop=True), responses.language, **tables, responses=responses,
                                basis=own, interval=chosen, ideal=points)  # fmt: skip


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
    span = f"{levels[0]:g}" if len(levels) == 1 else f"{levels[0]:g}-{levels[-1]:g}"
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
