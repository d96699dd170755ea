"""The zone of tolerance: where service stands between the least accepted and the wished-for level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.path import Path as Outline

from servqual.inference import NUMBER_COLUMNS, REASONS
from servqual.plots.rows import Figures, Rows, draw_foot, draw_scale, joined, labelled, span
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.instruments import Scale
    from servqual.tolerance import ToleranceScores, ToleranceTable

_ZONE = "#C4DCEC"
_OPENS, _CLOSES = (Outline([(side * 0.35, 1), (0, 1), (0, -1), (side * 0.35, -1)]) for side in (1, -1))
# Where service stands: shape, colour, and whether the mark is solid (the intervals tell it from both levels).
_MARKS: Mapping[str, tuple[str, str, bool]] = {
    "below": ("v", VERMILION, True),
    "lower edge": ("v", VERMILION, False),
    "inside": ("o", BLUE, True),
    "upper edge": ("^", GREEN, False),
    "above": ("^", GREEN, True),
    "open": ("D", INK, False),
    "inverted": ("X", VERMILION, True),
    "": ("o", GREY, False),
}
_STEP, _BESIDE = 30.0, 7.0  # height of a row, and how far its two intervals stand above and below the mark

_WORDS: Mapping[str, Text] = {
    "zone": {"en": "zone of tolerance, [ minimum to desired ]", "zh": "容忍区间，[ 最低水平至理想水平 ]"},
    "intervals": {"en": "{level} CI: above the mark, of MSA from [; below it, of MSS from ]",
                  "zh": "{level} 置信区间：标记上方为 MSA（自 [ 起），下方为 MSS（自 ] 起）"},
    "perceived": {"en": "perception: {position}", "zh": "感知：{position}"},
    "base": {"en": "n = {n};", "zh": "n = {n}；"},
    "method": {
        "en": "MSA = perception − minimum, MSS = perception − desired; {level} confidence intervals, row by row, not "
        "adjusted for multiple comparisons. An interval clear of its bracket excludes 0; such figures are bold.",
        "zh": "MSA = 感知 − 最低水平，MSS = 感知 − 理想水平；{level} 置信区间，逐行计算，未作多重比较校正。"
        "区间与对应括号不相交即不包含 0，相应数字加粗。",
    },
    "all": {"en": "All rows: {note}.", "zh": "各行：{note}。"},
    "off": {"en": "off this scale: in figures only", "zh": "不在此量尺上，仅列数字"},
}  # fmt: skip


def draw_tolerance(result: ToleranceTable | ToleranceScores, ax: Axes | None = None) -> Axes:
    """The zone from minimum to desired of every row, perception on it, and how sure its place is.

    A band between two brackets is the zone of tolerance. The mark is the perception: its shape and colour say where
    service stands (``position`` of the table), solid where both intervals settle that, hollow where one does not. There
    is one interval for each of the two questions: above the mark that of MSA, laid off from the minimum (from
    ``minimum + adequacy_low``), below it that of MSS, laid off from the desired level. So a line stays clear of its
    bracket exactly where its interval excludes 0.

    Parameters
    ----------
    result : ToleranceTable, or ToleranceScores, of which the dimensions are drawn
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections: "zone", "minimum", "desired", "adequacy" and "superiority" (intervals), and the perceptions, one
        per position, labelled with its name ("below", "inside", ...; "no verdict" where there is none).

    Raises
    ------
    SpecError
        If the table has no rows or no instrument.

    References
    ----------
    Zeithaml, Berry and Parasuraman (1993), Journal of the Academy of Marketing Science 21, 1-12,
    doi:10.1177/0092070393211001. Parasuraman, Zeithaml and Berry (1994), Journal of Retailing 70, 201-230,
    doi:10.1016/0022-4359(94)90033-7.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> from servqual.plots import new_axes
    >>> from servqual.tolerance import score_tolerance
    >>> instrument = load_instrument("tolerance-22")
    >>> answers = {"minimum": [3, 4, 3, 5], "desired": [6, 7, 6, 6], "perception": [5, 5, 2, 6]}
    >>> data = pd.DataFrame({column: answers[form] for form in answers for column in instrument.columns(form).values()})
    >>> ax = draw_tolerance(score_tolerance(Responses(data, instrument)), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Tangibles', 'Reliability', 'Responsiveness', 'Assurance', 'Empathy']
    """
    table: Any = getattr(result, "dimensions", result)
    chart = _zone_chart(table)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _zone_chart(table.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    noted = [bool(note) and _drawn(chart.scale, row) for row, note in zip(chart.rows, chart.notes, strict=True)]
    rows = Rows.stacked(pen, [row.label for row in chart.rows], [row.block for row in chart.rows], noted, _STEP)
    draw_scale(pen, chart.scale, rows.height)
    _draw_zones(pen, chart, rows.places)
    _draw_perceptions(pen, chart, rows.places)
    left = rows.draw_labels(pen)
    rows.draw_remarks(pen, chart.notes)
    right = rows.draw_figures(pen, _figures(chart))
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    bottom = draw_foot(pen, chart.ends, chart.caption, left, right)
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


@dataclass(frozen=True)
class _ZoneRow:
    """One row; ``adequacy`` and ``superiority`` are value, low and high."""

    block: str
    label: str
    remark: str
    position: str
    minimum: float
    desired: float
    perception: float
    adequacy: tuple[float, float, float]
    superiority: tuple[float, float, float]
    n: float


@dataclass(frozen=True)
class _ZoneChart:
    """The words and numbers of a picture of zones; ``positions`` are those that occur, in words."""

    title: str
    rows: tuple[_ZoneRow, ...]
    notes: tuple[str, ...]
    words: Mapping[str, str]
    positions: Mapping[str, str]
    caption: str
    scale: Scale
    ends: tuple[str, str]

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.notes, *self.ends, *self.words.values(), *self.positions.values())
        for row in self.rows:
            yield from (row.block, row.label)


def _zone_chart(table: ToleranceTable) -> _ZoneChart:
    if table.instrument is None or table.frame.empty:
        raise SpecError("a picture of zones needs rows, and the instrument on whose scale they are drawn.")
    language, scale = table.language, table.instrument.scale
    words = {key: say(text, language).replace("{level}", f"{100 * table.level:g}%") for key, text in _WORDS.items()}
    rows = tuple(_zone_row(table, *found) for found in labelled(table, table.instrument))
    notes = tuple(row.remark or ("" if _on(scale, row) else words["off"]) for row in rows)
    parts = [words["base"].replace("{n}", span(table.frame["n"])), words["method"]]
    if len(rows) > 1 and len(set(notes)) == 1 and notes[0]:  # said once
        parts, notes = [*parts, words["all"].replace("{note}", notes[0])], ("",) * len(rows)
    ends = say(scale.low_label, language), say(scale.high_label, language)
    columns = {column.name: column for column in table.columns()}
    words |= {"n": NUMBER_COLUMNS["n"].heading(language)}
    shown = {row.position for row in rows if _drawn(scale, row)}
    positions = {
        name: words["perceived"].replace("{position}", columns["position"].show(name, language))
        for name in _MARKS
        if name in shown
    }
    caption = joined([*parts, table.caution], language)
    return _ZoneChart(table.title(), rows, notes, words, positions, caption, scale, ends)


def _zone_row(table: ToleranceTable, record: Mapping[str, Any], block: str, label: str) -> _ZoneRow:
    reason = record["adequacy_reason"] or record["superiority_reason"]
    minimum, desired, perception = (float(record[name]) for name in ("minimum", "desired", "perception"))
    remark = say(REASONS[reason], table.language)
    adequacy, superiority = (_distance(record, name) for name in ("adequacy", "superiority"))
    return _ZoneRow(
        block,
        label,
        remark,
        record["position"],
        minimum,
        desired,
        perception,
        adequacy,
        superiority,
        float(record["n"]),
    )


def _distance(record: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    return float(record[name]), float(record[f"{name}_low"]), float(record[f"{name}_high"])


def _on(scale: Scale, row: _ZoneRow) -> bool:
    """False where a mean lies off the scale, as sums of items do."""
    means = [mean for mean in (row.minimum, row.desired, row.perception) if np.isfinite(mean)]
    return all(scale.low - 1e-9 <= mean <= scale.high + 1e-9 for mean in means)


def _drawn(scale: Scale, row: _ZoneRow) -> bool:
    """True if the row has a mark."""
    return _on(scale, row) and not np.isnan([row.minimum, row.desired, row.perception]).all()


def _draw_zones(pen: Pen, chart: _ZoneChart, places: Sequence[float]) -> None:
    """The bands and their brackets."""
    shown = [_on(chart.scale, row) for row in chart.rows]
    low, high = (np.where(shown, [getattr(row, name) for row in chart.rows], np.nan) for name in ("minimum", "desired"))
    pen.ax.hlines(places, low, high, colors=_ZONE, linewidth=10, label="zone", zorder=2)
    bracket: dict[str, Any] = {"s": 150, "linewidths": 1.6, "facecolors": "none", "edgecolors": INK, "clip_on": False}
    pen.ax.scatter(low, places, marker=_OPENS, label="minimum", zorder=3, **bracket)
    pen.ax.scatter(high, places, marker=_CLOSES, label="desired", zorder=3, **bracket)


def _draw_perceptions(pen: Pen, chart: _ZoneChart, places: Sequence[float]) -> None:
    """The marks, and the two intervals beside each."""
    rows = [(row, y) for row, y in zip(chart.rows, places, strict=True) if _on(chart.scale, row)]
    inks = [GREY if row.remark else _MARKS[row.position][1] for row, _ in rows]
    for name, origin, side in (("adequacy", "minimum", -_BESIDE), ("superiority", "desired", _BESIDE)):
        bounds = np.array([np.array(getattr(row, name)[1:]) + getattr(row, origin) for row, _ in rows]).reshape(-1, 2)
        heights = [y + side for _, y in rows]
        pen.ax.hlines(heights, bounds[:, 0], bounds[:, 1], colors=inks, linewidth=1.8, label=name, zorder=4)
    for name, (shape, color, solid) in _MARKS.items():
        here = [(row, y) for row, y in rows if row.position == name]
        if not here:
            continue
        edges = [GREY if row.remark else color for row, _ in here]
        pen.ax.scatter([row.perception for row, _ in here], [y for _, y in here], marker=shape, s=52, linewidths=1.5,
                       c=edges if solid else ["white"] * len(here), edgecolors=edges, label=name or "no verdict",
                       zorder=5, clip_on=False)  # fmt: skip


def _figures(chart: _ZoneChart) -> list[Figures]:
    """MSA, MSS and, where it varies, n; bold where the interval excludes 0."""
    inks, columns = [GREY if row.remark else INK for row in chart.rows], []
    for heading, name in (("MSA", "adequacy"), ("MSS", "superiority")):
        triples = [getattr(row, name) for row in chart.rows]
        strong = [(t[1] > 0 or t[2] < 0) and not row.remark for t, row in zip(triples, chart.rows, strict=True)]
        columns.append(Figures(heading, [NUMBER_COLUMNS["gap"].show(t[0], "en") for t in triples], inks, strong))
    bases = [row.n for row in chart.rows]
    if len(set(bases)) > 1:
        columns.append(Figures(chart.words["n"], [NUMBER_COLUMNS["n"].show(n, "en") for n in bases]))
    return columns


def _key(chart: _ZoneChart) -> dict[str, Line2D]:
    key = {chart.words["zone"]: Line2D([], [], color=_ZONE, linewidth=9, solid_capstyle="butt")}
    for name, words in chart.positions.items():
        shape, color, solid = _MARKS[name]
        key[words] = Line2D([], [], color=color, marker=shape, markersize=7, markeredgewidth=1.5, linestyle="",
                            markerfacecolor=color if solid else "white")  # fmt: skip
    if any(np.isfinite(row.adequacy[1]) or np.isfinite(row.superiority[1]) for row in chart.rows):
        key[chart.words["intervals"]] = Line2D([], [], color=INK, linewidth=1.8)
    return key
