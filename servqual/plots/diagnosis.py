"""Where is quality lost? The way from expected to perceived step by step, the gaps of all dimensions, and what each source says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS
from servqual.measures import TOTALS
from servqual.plots.cells import CellChart, draw_cells
from servqual.plots.forest import draw_forest
from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Column, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.diagnosis import Diagnosis, StaffTable, Triangulation, Waterfall

Array = NDArray[Any]

_FIVE = ("knowledge", "standards", "delivery", "communication", "customer", "perception")
_WORDS: Mapping[str, Text] = {
    "expected": {"en": "expected (E)", "zh": "期望（E）"},
    "perceived": {"en": "perceived (P)", "zh": "感知（P）"},
    "level": {"en": "level", "zh": "水平"},
    "lost": {"en": "quality lost", "zh": "质量损失"},
    "gained": {"en": "made good", "zh": "弥补"},
    "interval": {"en": "{level} CI of the step", "zh": "该环节的 {level} 置信区间"},
    "gap": {"en": "gap", "zh": "差距"},
    "chance": {"en": "largest loss", "zh": "损失最大"},
    "read waterfall": {
        "en": "{k} of {all} items, those measured everywhere. Largest loss: the chance that this step loses most. {turn}",
        "zh": "仅含各来源均已测量的 {k} 个题项（共 {all} 个）。损失最大：该环节损失最多的概率。{turn}",
    },
    "unit": {"en": "points; orange: quality lost", "zh": "分；橙色表示质量损失"},
    "read findings": {
        "en": "Grey figures: the {level} interval includes 0, or there is none. Each gap rests on the items that have both sides; perception "
              "closes the sum of knowledge, standards and delivery to the customer gap.",
        "zh": "灰色数字：{level} 区间包含 0 或无区间。各差距只含双方均已测量的题项；感受差异使认知、标准、交付之和等于顾客差距。",
    },
    "worse": {"en": "worse than the line", "zh": "差于界线"},
    "open": {"en": "unclear", "zh": "不明确"},
    "better": {"en": "better than the line", "zh": "好于界线"},
    "none": {"en": "not measured", "zh": "未测量"},
    "staff lower": {"en": "← staff say less", "zh": "← 员工较低"},
    "staff higher": {"en": "staff say more →", "zh": "员工较高 →"},
    "read staff": {"en": "Staff minus customers, {level} intervals, each by itself.", "zh": "员工减顾客，{level} 区间，逐行计算。"},
}  # fmt: skip
_LOOKS = {
    "problem": ("#F2B48A", VERMILION, "▼"), "unclear": ("#F7F7F5", GREY, "?"), "no problem": ("#93C3E0", BLUE, "●"),
    "not measured": ("white", GREY, "–"),
}  # fmt: skip


def _said(language: str, **blanks: str) -> dict[str, str]:
    words = {}
    for key, text in _WORDS.items():
        told = say(text, language)
        for blank, filling in blanks.items():
            told = told.replace(f"{{{blank}}}", filling)
        words[key] = told
    return words


def _column(result: Result, name: str) -> Column:
    """The column of a result, which has its words."""
    return next(column for column in result.columns() if column.name == name)


# --- the waterfall -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Falls:
    """The words and numbers of a waterfall: ``start, end, low, high`` of every step on the scale."""

    title: str
    labels: tuple[str, ...]
    start: Array
    end: Array
    low: Array
    high: Array
    gaps: tuple[str, ...]
    chances: tuple[str, ...]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.words.values())


def draw_waterfall(result: Waterfall, ax: Axes | None = None, *, key: str = "mean") -> Axes:
    """From what is expected to what is perceived: every step a bar that begins where the one before ended.

    Orange bars lose quality, blue ones make it good. The thin line at a bar's end is the step's own interval.

    Parameters
    ----------
    result : Waterfall, from :func:`servqual.diagnosis.diagnose`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.
    key : dimension, item, or "mean" of all dimensions

    Returns
    -------
    Axes
        Collections "steps" and "interval"; "levels" are the marks of E and P.
    """
    chart = _falls(result, key)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _falls(result.in_language("en"), key), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, [""] * len(chart.labels), [False] * len(chart.labels), 26.0)
    every = np.concatenate([chart.start, chart.end, chart.low, chart.high])
    ends = float(np.floor(np.nanmin(every) * 4) / 4), float(np.ceil(np.nanmax(every) * 4) / 4)
    ticks = [float(x) for x in MaxNLocator(7).tick_values(*ends) if ends[0] <= x <= ends[1]]
    pen.ax.set(xlim=ends)
    draw_grid(pen, ticks, [f"{tick:g}" for tick in ticks], rows.height)
    _draw_steps(pen, chart, np.array(rows.places))
    left = rows.draw_labels(pen)
    figures = [
        Figures(chart.words["gap"], chart.gaps, [INK] * len(chart.gaps)),
        Figures(chart.words["chance"], chart.chances),
    ]
    right = rows.draw_figures(pen, figures)
    marks = {chart.words["lost"]: Patch(color=VERMILION), chart.words["gained"]: Patch(color=BLUE),
             chart.words["interval"]: Line2D([], [], color=INK, linewidth=1.4)}  # fmt: skip
    top = pen.title(chart.title, left, right, pen.key(marks, left, right))
    pen.fit(rows.height, left, right, top, draw_foot(pen, ("", ""), chart.caption, left, right))
    return pen.ax


def _falls(result: Waterfall, key: str) -> _Falls:
    language, rows = result.language, result.rows(key)
    steps, whole = rows[rows["step"] != "customer"], rows[rows["step"] == "customer"].iloc[0]
    turn = result.turn_words(key)
    words = _said(language, level=f"{100 * result.level:g}%", k=str(len(result.items) if key == "mean" else int(whole["items"])),
                  all=str(len(result.all_items)), turn=turn)  # fmt: skip
    signed, named = NUMBER_COLUMNS["gap"], result.step_words()
    first, last = float(whole["start"]), float(whole["end"])
    start, end = (steps[name].to_numpy(float) for name in ("start", "end"))
    low, high = (start + steps[name].to_numpy(float) for name in ("low", "high"))
    level = NUMBER_COLUMNS["expectation"]
    gaps = (
        level.show(first, language),
        *(signed.show(gap, language) for gap in steps["gap"]),
        level.show(last, language),
    )
    chances = (
        "",
        *("–" if pd.isna(each) else ">99%" if each >= 0.995 else f"{100 * each:.0f}%" for each in steps["largest"]),
        "",
    )
    labels = (words["expected"], *(say(named[step], language) for step in steps["step"]), words["perceived"])
    name = say(result.labels[key], language)
    title = f"{result.title()}：{name}" if language == "zh" else f"{result.title()}: {name}"
    edge = np.array([np.nan])
    return _Falls(
        title, labels, start=np.concatenate([[first], start, [last]]), end=np.concatenate([[first], end, [last]]),
        low=np.concatenate([edge, low, edge]), high=np.concatenate([edge, high, edge]), gaps=gaps, chances=chances, words=words,
        caption=words["read waterfall"],
    )  # fmt: skip


def _draw_steps(pen: Pen, chart: _Falls, places: Array) -> None:
    ax, half = pen.ax, 7.0
    bars = slice(1, len(places) - 1)
    boxes = [
        Rectangle((min(a, b), y - half), abs(b - a), 2 * half)
        for a, b, y in zip(chart.start[bars], chart.end[bars], places[bars], strict=True)
    ]
    colors = [VERMILION if b < a else BLUE for a, b in zip(chart.start[bars], chart.end[bars], strict=True)]
    ax.add_collection(
        PatchCollection(boxes, facecolors=colors, edgecolors="none", alpha=0.75, label="steps", zorder=2.5)
    )
    for end, y, below in zip(chart.end[:-1], places[:-1], places[1:], strict=True):
        ax.plot([end, end], [y, below], color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=2)
    ax.hlines(places[bars], chart.low[bars], chart.high[bars], colors=INK, linewidth=1.4, label="interval", zorder=3)
    ax.scatter(
        chart.start[[0, -1]],
        places[[0, -1]],
        marker="|",
        s=260,
        linewidths=2.6,
        c=INK,
        label="levels",
        zorder=4,
        clip_on=False,
    )


# --- dimensions by gaps ------------------------------------------------------------------------------------


def draw_findings(result: Diagnosis, ax: Axes | None = None) -> Axes:
    """Dimensions and their mean by the five gaps as coloured cells, orange where quality is lost.

    Parameters
    ----------
    result : Diagnosis, from :func:`servqual.diagnosis.diagnose`
    ax : Axes, optional

    Returns
    -------
    Axes
        Collection "cells": its array holds the gaps, row by row, of the cells that were measured.
    """
    chart = _findings(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _findings(result.in_language("en")), LATIN
    return draw_cells(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


def _findings(result: Diagnosis) -> CellChart:
    language, frame = result.language, result.frame
    kinds = _column(result, "finding")
    found = [name for name in _FIVE if name in set(frame["finding"])]
    names = list(dict.fromkeys(frame["dimension"]))
    wide = {name: frame.pivot(index="dimension", columns="finding", values=name).reindex(index=names, columns=found).to_numpy(float)
            for name in ("gap", "low", "high")}  # fmt: skip
    words, labels = _said(language, level=f"{100 * result.level:g}%"), {**result.dimensions.words(), **TOTALS}
    reach = max(float(np.nanmax(np.abs(wide["gap"]))), 0.1)
    clear = (wide["low"] > 0) | (wide["high"] < 0)
    return CellChart(
        title=result.title(), labels=tuple(say(labels[name], language) for name in names), blocks=("",) * len(names),
        headings=tuple(kinds.show(name, language).replace(" − ", "−") for name in found),
        column_blocks=tuple("last" if name == "perception" else "customer" if name == "customer" else "" for name in found),
        values=wide["gap"], written=np.isfinite(wide["gap"]), faint=~clear, figures=(), unit=words["unit"],
        caption=words["read findings"], ends=(-reach, reach), figure=_signed,
    )  # fmt: skip


def _signed(value: float) -> str:
    return NUMBER_COLUMNS["gap"].show(value, "en")


# --- dimensions by sources ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Matrix:
    """The words and signals of a triangulation: (dimensions, sources) signal and value in figures."""

    title: str
    labels: tuple[str, ...]
    headings: tuple[str, ...]
    signals: Any
    values: tuple[tuple[str, ...], ...]
    key: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.headings, *self.key.values())


def draw_triangulation(result: Triangulation, ax: Axes | None = None) -> Axes:
    """Dimensions by sources: each cell has its value and a sign, ▼ worse than the line, ● better, ? unclear, – not measured.

    Parameters
    ----------
    result : Triangulation, from :func:`servqual.diagnosis.triangulate`
    ax : Axes, optional

    Returns
    -------
    Axes
        Collection "cells", row by row.
    """
    chart = _matrix(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _matrix(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, [""] * len(chart.labels), [False] * len(chart.labels), 26.0)
    left, k = rows.draw_labels(pen), len(chart.headings)
    pen.ax.set(xlim=(0, k), ylim=(rows.height, 0))
    pen.ax.grid(False)
    pen.ax.tick_params(axis="both", length=0)
    pen.ax.spines[:].set_visible(False)
    _draw_signals(pen, chart, rows)
    share = pen.axes_width(left, 0) / k
    wrapped = [pen.wrapped(heading, share - 8, 8.5) for heading in chart.headings]
    pen.ax.set_xticks(np.arange(k) + 0.5, wrapped, va="bottom", linespacing=1.1, **pen.look(8.5, INK))
    pen.ax.tick_params(axis="x", labeltop=True, labelbottom=False, pad=4)
    height = 11.0 * max(len(heading.split("\n")) for heading in wrapped) + 10
    marks = {words: Patch(facecolor=_LOOKS[signal][0], edgecolor=PALE) for signal, words in chart.key.items()}
    top = pen.title(chart.title, left, 0, pen.key(marks, left, 0, height + 8))
    pen.fit(rows.height, left, 0, top, pen.caption(chart.caption, left, 0, 12.0))
    return pen.ax


def _matrix(result: Triangulation) -> _Matrix:
    language, words = result.language, _said(result.language)
    sources = _column(result, "source")
    signals, values = result.matrix("signal"), result.matrix("value")
    shown = tuple(
        tuple("" if pd.isna(value) else _signed(value) if source == "survey" else f"{100 * value:.0f}%"
              for source, value in row.items()) for _, row in values.iterrows())  # fmt: skip
    key = {signal: f"{_LOOKS[signal][2]} {words[name]}" for signal, name in
           (("problem", "worse"), ("unclear", "open"), ("no problem", "better"), ("not measured", "none"))}  # fmt: skip
    used = set(signals.to_numpy().ravel())
    return _Matrix(
        result.title(), tuple(say(result.labels[str(name)], language) for name in signals.index),
        tuple(sources.show(str(name), language) for name in signals.columns), signals.to_numpy(), shown,
        {signal: text for signal, text in key.items() if signal in used},
        joined([result.sentence(), result.note()], language),
    )  # fmt: skip


def _draw_signals(pen: Pen, chart: _Matrix, rows: Rows) -> None:
    latin, k = replace(pen, fonts=LATIN), len(chart.headings)
    boxes, colors = [], []
    for y, row, told in zip(rows.places, chart.signals, chart.values, strict=True):
        for column, (signal, value) in enumerate(zip(row, told, strict=True)):
            boxes.append(Rectangle((column, y - 12), 1, 24))
            colors.append(_LOOKS[signal][0])
            ink = INK if signal != "not measured" else GREY
            latin.write(
                f"{_LOOKS[signal][2]} {value}".strip(), (column + 0.5) / k, y, 0, size=9.0, color=ink, ha="center"
            )
    cells = PatchCollection(boxes, facecolors=colors, edgecolors="white", linewidths=2.0, label="cells", zorder=1.5)
    pen.ax.add_collection(cells)


# --- staff against customers -------------------------------------------------------------------------------


def draw_staff(table: StaffTable, ax: Axes | None = None) -> Axes:
    """Staff minus customers with intervals: what customers expect, and the service given, under each other.

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`.

    Raises
    ------
    SpecError
        If the table is split by a column.
    """
    if table.by:
        raise SpecError("a picture of staff against customers needs a table that is not split.")
    language, asked = table.language, _column(table, "compared")
    frame = table.frame.sort_values("compared", kind="stable").reset_index(drop=True)
    words = _said(language, level=f"{100 * table.level:g}%")
    return draw_forest(
        [table.label(name) for name in frame[table.what]], frame["difference"].to_numpy(float), frame["low"].to_numpy(float),
        frame["high"].to_numpy(float), blocks=[asked.show(name, language) for name in frame["compared"]],
        p=frame["p_adjusted"].to_numpy(float), n=frame["n_staff"].to_numpy(float), heading=NUMBER_COLUMNS["difference"],
        ends=(words["staff lower"], words["staff higher"]), title=table.title(), caption=words["read staff"], level=table.level,
        language=language, ax=ax,
    )  # fmt: skip
