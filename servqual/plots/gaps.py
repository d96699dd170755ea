"""The gap picture: expectation and perception of every row, joined, with the gap's interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from servqual.inference import NUMBER_COLUMNS, REASONS
from servqual.plots.rows import Figures, Rows, draw_foot, draw_scale, joined, labelled, span
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.gaps import GapTable
    from servqual.instruments import Instrument, Scale

_WORDS: Mapping[str, Text] = {
    "perception": {"en": "perception", "zh": "感知"},
    "expectation": {"en": "expectation", "zh": "期望"},
    "interval": {"en": "{level} CI", "zh": "{level} 置信区间"},
    "band": {"en": "{level} CI of the gap, from the expectation", "zh": "差距的 {level} 置信区间（自期望量起）"},
    "open": {"en": "interval includes 0", "zh": "区间包含 0"},
    "base": {"en": "n = {n};", "zh": "n = {n}；"},
    "bases": {
        "en": "n = {n} perceptions, {n_expectation} expectations;",
        "zh": "感知 n = {n}，期望 n = {n_expectation}；",
    },
    "method": {
        "en": "{level} confidence intervals, row by row, not adjusted for multiple comparisons.",
        "zh": "{level} 置信区间，逐行计算，未作多重比较校正。",
    },
    "all": {"en": "All rows: {note}.", "zh": "各行：{note}。"},
    "off": {"en": "off this scale: in figures only", "zh": "不在此量尺上，仅列数字"},
}


def draw_gaps(table: GapTable, ax: Axes | None = None) -> Axes:
    """Expectation and perception of every row, the gap between them, and how sure it is.

    Rows stand in the instrument's order. A dot is the perception, an upright stroke the expectation, both on the
    instrument's scale. The band is the gap's interval laid off from the expectation: from ``expectation + low``
    to ``expectation + high``. So the band stays clear of the stroke exactly where the interval excludes 0; there
    the dot is solid, elsewhere hollow. Gap and interval stand at the right in figures. With groups, each
    dimension or item is a heading and the groups are its rows. A row with a remark is grey and carries it; what
    can't be computed is not drawn, and neither is what lies off the scale (a sum): the figures remain.

    Parameters
    ----------
    table : GapTable
    ax : Axes, optional
        Axes to draw on; their figure keeps its size, and ``layout="constrained"`` gives the words beside them room.
        Without them a pyplot figure is made, which a notebook shows by itself; its height grows with the rows.
        :func:`new_axes` makes such a figure outside of pyplot.

    Returns
    -------
    Axes
        The axes drawn on. Dots and strokes are the collections labelled "perception" and "expectation".

    Warns
    -----
    NoChineseFont
        Once, if the text is Chinese and no font is found (:func:`chinese_font`); the labels are then English.

    References
    ----------
    Okabe and Ito (2008), Color universal design, https://jfly.uni-koeln.de/color/. Dot charts instead of bars:
    Cleveland and McGill (1984), JASA 79, 531-554, doi:10.1080/01621459.1984.10478080.
    """
    chart = _gap_chart(table)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _gap_chart(table.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    noted = [bool(note) and _drawn(chart.scale, row) for row, note in zip(chart.rows, chart.notes, strict=True)]
    rows = Rows.stacked(pen, [row.label for row in chart.rows], [row.block for row in chart.rows], noted)
    draw_scale(pen, chart.scale, rows.height)
    _draw_marks(pen, chart, rows.places)
    left = rows.draw_labels(pen)
    rows.draw_remarks(pen, chart.notes)
    right = rows.draw_figures(pen, _figures(chart))
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    bottom = draw_foot(pen, chart.ends, chart.caption, left, right)
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


# What a gap picture says, before any of it is drawn


@dataclass(frozen=True)
class _GapRow:
    """One row of the picture; ``block`` is the heading it stands under, empty where there are none."""

    block: str
    label: str
    remark: str
    expectation: float
    perception: float
    gap: float
    low: float
    high: float
    n: float

    @property
    def clear(self) -> bool:
        """True if the interval excludes 0."""
        return self.low > 0 or self.high < 0

    def figures(self) -> tuple[str, str, str]:
        """Gap, interval and n in figures."""
        gap, low, high = (NUMBER_COLUMNS["gap"].show(value, "en") for value in (self.gap, self.low, self.high))
        interval = f"[{low}, {high}]" if np.isfinite([self.low, self.high]).all() else ""
        return gap, interval, NUMBER_COLUMNS["n"].show(self.n, "en")


@dataclass(frozen=True)
class _GapChart:
    """The words and numbers of a gap picture; ``notes`` are the words inside the rows."""

    title: str
    rows: tuple[_GapRow, ...]
    notes: tuple[str, ...]
    words: Mapping[str, str]
    caption: str
    scale: Scale
    ends: tuple[str, str]

    @property
    def bases_differ(self) -> bool:
        """True if the rows rest on different numbers of answers."""
        return len({row.n for row in self.rows}) > 1

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.notes, *self.ends, *self.words.values())
        for row in self.rows:
            yield from (row.block, row.label)


def _gap_chart(table: GapTable) -> _GapChart:
    if table.instrument is None or table.frame.empty:
        raise SpecError("a picture of gaps needs rows, and the instrument on whose scale they are drawn.")
    level, scale = f"{100 * table.level:g}%", table.instrument.scale
    words = {key: say(text, table.language).replace("{level}", level) for key, text in _WORDS.items()}
    words |= {name: NUMBER_COLUMNS[name].heading(table.language) for name in ("gap", "n")}
    rows = _gap_rows(table, table.instrument)
    notes = tuple(row.remark or ("" if _on(scale, row) else words["off"]) for row in rows)
    parts = [words["bases" if "n_expectation" in table.frame else "base"], words["method"]]
    for name in {"n", "n_expectation"} & set(table.frame):
        parts[0] = parts[0].replace(f"{{{name}}}", span(table.frame[name]))
    if len(rows) > 1 and len(set(notes)) == 1 and notes[0]:  # said once
        parts, notes = [*parts, words["all"].replace("{note}", notes[0])], ("",) * len(rows)
    caption = joined([*parts, say(table.caution, table.language)], table.language)
    ends = say(scale.low_label, table.language), say(scale.high_label, table.language)
    words = {key: words[key] for key in ("perception", "expectation", "band", "open", "gap", "interval", "n")}
    return _GapChart(table.title(), rows, notes, words, caption, scale, ends)


def _on(scale: Scale, row: _GapRow) -> bool:
    """False where a mean lies off the scale, as sums of items do."""
    means = [mean for mean in (row.expectation, row.perception) if np.isfinite(mean)]
    return all(scale.low - 1e-9 <= mean <= scale.high + 1e-9 for mean in means)


def _drawn(scale: Scale, row: _GapRow) -> bool:
    """True if the row has a mark."""
    return _on(scale, row) and not np.isnan([row.expectation, row.perception]).all()


def _gap_rows(table: GapTable, instrument: Instrument) -> tuple[_GapRow, ...]:
    rows = []
    for record, block, label in labelled(table, instrument):
        numbers = [float(record[key]) for key in ("expectation", "perception", "gap", "low", "high", "n")]
        rows.append(_GapRow(block, label, say(REASONS[record["reason"]], table.language), *numbers))
    return tuple(rows)


# Drawing it


def _draw_marks(pen: Pen, chart: _GapChart, places: Sequence[float]) -> None:
    ax, rows = pen.ax, chart.rows
    inks = [GREY if row.remark else INK for row in rows]
    dots = [GREY if row.remark else BLUE for row in rows]
    bands = [to_rgba(dot, 0.4 if row.clear else 0.18) for row, dot in zip(rows, dots, strict=True)]
    faces = [dot if row.clear else "white" for row, dot in zip(rows, dots, strict=True)]
    means = np.array([(row.expectation, row.perception) if _on(chart.scale, row) else (np.nan, np.nan) for row in rows])
    bounds = means[:, :1] + np.array([(row.low, row.high) for row in rows])
    ax.hlines(places, means[:, 0], means[:, 1], colors=inks, linewidth=0.9, label="gap", zorder=2)
    ax.hlines(places, bounds[:, 0], bounds[:, 1], colors=bands, linewidth=9, label="interval", zorder=3)
    stroke: dict[str, Any] = {"marker": "|", "s": 170, "linewidths": 2.2, "c": inks}
    dot: dict[str, Any] = {"marker": "o", "s": 46, "linewidths": 1.5, "c": faces, "edgecolors": dots}
    ax.scatter(means[:, 0], places, label="expectation", zorder=4, clip_on=False, **stroke)
    ax.scatter(means[:, 1], places, label="perception", zorder=5, clip_on=False, **dot)


def _figures(chart: _GapChart) -> list[Figures]:
    """Gap, interval and, where it varies, n in figures."""
    inks = tuple(GREY if row.remark else INK for row in chart.rows)
    gaps, intervals, bases = zip(*(row.figures() for row in chart.rows), strict=True)
    strong = tuple(row.clear and not row.remark for row in chart.rows)
    columns = [Figures(chart.words["gap"], gaps, inks, strong), Figures(chart.words["interval"], intervals, inks)]
    return [*columns, Figures(chart.words["n"], bases)] if chart.bases_differ else columns


def _key(chart: _GapChart) -> dict[str, Line2D]:
    blue = GREY if all(row.remark for row in chart.rows) else BLUE
    dot: dict[str, Any] = {"marker": "o", "markersize": 7, "linestyle": "", "markeredgewidth": 1.5}
    key = {
        "perception": Line2D([], [], color=blue, **dot),
        "expectation": Line2D([], [], color=INK, marker="|", markersize=13, markeredgewidth=2.2, linestyle=""),
        "band": Line2D([], [], color=blue, alpha=0.4, linewidth=9, solid_capstyle="butt"),
    }
    if any(np.isfinite(row.low) and not row.clear for row in chart.rows):
        key["open"] = Line2D([], [], color=blue, markerfacecolor="white", **dot)
    return {chart.words[word]: handle for word, handle in key.items()}
