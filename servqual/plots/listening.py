"""Pictures of the listening system: which means hears which customers, and how the weak links were rated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.listening.matrix import ListeningMatrix
    from servqual.listening.weak_links import WeakLinks

Array = NDArray[Any]

_FILLS = {2: BLUE, 1: "#93C3E0", 0: "#F3F4F5"}
_COLORS = ListedColormap([_FILLS[level] for level in sorted(_FILLS)])
_CELL, _APART = 20.0, 0.25  # height of a row in points; groups of columns stand apart by so many cells
_WORDS: Mapping[str, Text] = {
    "best": {"en": "Best of all means", "zh": "全部手段最高等级"},
    "since": {"en": "since", "zh": "新增年份"},
    "before": {"en": "before", "zh": "原有"},
    "mean": {"en": "mean, {level} interval", "zh": "均值，{level} 区间"},
    "rating": {"en": "one rating each", "zh": "每名评分者一点"},
    "weak": {"en": "{end} = weak", "zh": "{end} 分 = 薄弱"},
    "strong": {"en": "{end} = strong", "zh": "{end} 分 = 牢固"},
    "chance": {"en": "weakest", "zh": "最弱概率"},
    "value": {"en": "mean", "zh": "均值"},
}


# --- the matrix --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and levels of the matrix, the row of the best levels last."""

    title: str
    labels: tuple[str, ...]
    blocks: tuple[str, ...]
    headings: tuple[str, ...]
    groups: tuple[str, ...]
    levels: Array
    since: tuple[str, ...]
    words: Mapping[str, str]
    named: Mapping[Any, str]
    caption: str

    @property
    def lefts(self) -> Array:
        """(columns,) left edge of every column, in cells."""
        changes = [one != before for before, one in zip(self.groups, self.groups[1:], strict=False)]
        return np.arange(len(self.headings)) + _APART * np.append(0, np.cumsum(changes))

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.blocks, *self.headings, *self.groups)
        yield from (*self.words.values(), *self.named.values())


def draw_listening_matrix(matrix: ListeningMatrix, ax: Axes | None = None) -> Axes:
    """Means × segments as coloured cells, kinds of means under their headings, the best level of each segment at the foot.

    Title and caption say where values are illustrative.

    Parameters
    ----------
    matrix : ListeningMatrix
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collection "cells": the levels row by row, the best of each column last.

    Examples
    --------
    >>> from servqual.listening import load_listening_matrix
    >>> from servqual.plots import new_axes
    >>> ax = draw_listening_matrix(load_listening_matrix("illustrative"), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()][-1], len(ax.collections[0].get_array())
    ('Best of all means', 85)
    """
    chart = _chart(matrix, matrix.language)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _chart(matrix.in_language("en"), "en"), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels), _CELL)
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(chart.words["since"], chart.since)])
    _draw_levels(pen, chart, rows)
    head = _draw_headings(pen, chart, pen.axes_width(left, right))
    key = {name: Patch(facecolor=_FILLS[level], edgecolor=PALE) for level, name in chart.named.items()}
    top = pen.title(chart.title, left, right, pen.key(key, left, right, head + 12))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, 12.0))
    return pen.ax


def _chart(matrix: ListeningMatrix, language: str) -> _Chart:
    words = {key: say(text, language) for key, text in _WORDS.items()}
    cells = matrix.cells
    return _Chart(
        title=matrix.title(), labels=(*(say(each.label, language) for each in matrix.means), words["best"]),
        blocks=(*(say(matrix.kinds[each.kind], language) for each in matrix.means), " "),
        headings=tuple(say(each.label, language) for each in matrix.segments),
        groups=tuple(say(each.group, language) if each.group else "" for each in matrix.segments),
        levels=np.vstack([cells, cells.max(axis=0)]),
        since=(*(words["before"] if each.year is None else str(each.year) for each in matrix.means), ""),
        words=words, named={level: say(text, language) for level, text in matrix.columns()[-1].words.items()}, caption=matrix.note(),
    )  # fmt: skip


def _draw_levels(pen: Pen, chart: _Chart, rows: Rows) -> None:
    """A box for every level; its number too, so that nobody depends on colours."""
    lefts, ax = chart.lefts, pen.ax
    boxes = []
    for y, label, levels in zip(rows.places, rows.labels, chart.levels.tolist(), strict=True):
        height = max(_CELL, 4 + 11.0 * len(label.split("\n")))
        for x, level in zip(lefts, levels, strict=True):
            boxes.append(Rectangle((x, y - height / 2), 1, height))
            ink = {2: "white", 1: INK, 0: GREY}[level]
            ax.text(x + 0.5, y, str(level), ha="center", va="center_baseline", family=LATIN, size=8.5, color=ink)
    drawn = PatchCollection(
        boxes, cmap=_COLORS, norm=Normalize(0, 2), edgecolors="white", linewidths=1.2, label="cells", zorder=2
    )
    drawn.set_array(chart.levels.ravel())
    ax.add_collection(drawn)
    ax.set(xlim=(0, lefts[-1] + 1), ylim=(rows.height, 0))
    ax.tick_params(axis="both", length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _draw_headings(pen: Pen, chart: _Chart, width: float) -> float:
    """Segments and the groups they belong to above the columns; the height they take."""
    share = width / (chart.lefts[-1] + 1)
    wrapped = [pen.wrapped(label, share - 6, 8.5) for label in chart.headings]
    pen.ax.set_xticks(chart.lefts + 0.5, wrapped, va="bottom", linespacing=1.1, **pen.look(8.5, INK))
    pen.ax.tick_params(axis="x", labeltop=True, labelbottom=False, pad=4)
    height = 11.0 * max(len(label.split("\n")) for label in wrapped) + 6
    starts = [k for k, name in enumerate(chart.groups) if k == 0 or name != chart.groups[k - 1]]
    lines = 0
    for start, stop in zip(starts, [*starts[1:], len(chart.groups)], strict=True):
        middle = (chart.lefts[start] + chart.lefts[stop - 1] + 1) / 2 / (chart.lefts[-1] + 1)
        text = pen.wrapped(chart.groups[start], share * (stop - start) - 6, 8.0)
        lines = max(lines, len(text.split("\n")))
        pen.write(text, middle, 1, 0, height + 4, to="axes fraction", size=8.0, color=GREY, ha="center", va="bottom")
    return height + 11.0 * lines + 4


# --- the weak links ----------------------------------------------------------------------------------------


def draw_weak_links(result: WeakLinks, ax: Axes | None = None) -> Axes:
    """Mean rating of every link with its interval, each rater's mark beside it, the weakest on top.

    Rows, not a radar: a radar's area depends on the order of its spokes, and intervals have no place in it.

    Parameters
    ----------
    result : WeakLinks
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections "rating", "interval" and "mean".

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.listening import audit_weak_links, load_weak_links
    >>> from servqual.plots import new_axes
    >>> table = pd.DataFrame(
    ...     [(r, link.id, 1 + (k + j) % 3) for j, r in enumerate("ABC") for k, link in enumerate(load_weak_links())],
    ...     columns=["rater", "link", "rating"],
    ... )
    >>> len(draw_weak_links(audit_weak_links(table), new_axes()).get_yticklabels())
    7
    """
    frame = result.frame

    def texts(language: str) -> tuple[str, list[str], dict[str, str], str]:
        shown = result if language == result.language else result.in_language("en")
        blank = {"{level}": f"{100 * result.level:g}%"}
        words = {key: say(text, language) for key, text in _WORDS.items()}
        for mark, value in blank.items():
            words = {key: text.replace(mark, value) for key, text in words.items()}
        return shown.title(), [say(result.words[each], language) for each in frame["link"]], words, shown.note()

    title, labels, words, caption = texts(result.language)
    fonts = fonts_for([title, caption, *labels, *words.values()])
    if fonts is None:
        (title, labels, words, caption), fonts = texts("en"), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, labels, [""] * len(labels), [False] * len(labels))
    low, high = result.scale
    pen.ax.set(xlim=(low - 0.15, high + 0.15))
    ticks = np.linspace(low, high, min(round(high - low), 10) + 1).tolist()
    draw_grid(pen, ticks, [f"{tick:g}" for tick in ticks], rows.height)
    key = _draw_ratings(pen, result, rows, words)
    left = rows.draw_labels(pen)
    shown = {column.name: column for column in result.columns()}
    columns = [Figures(words[name], tuple(shown[part].show(value, "en") for value in frame[part]), [INK] * len(frame))
               for name, part in (("value", "mean"), ("chance", "chance"))]  # fmt: skip
    right = rows.draw_figures(pen, columns)
    top = pen.title(title, left, right, pen.key(key, left, right))
    sides = ("weak", "strong") if result.better == "higher" else ("strong", "weak")
    ends = (words[sides[0]].format(end=f"{low:g}"), words[sides[1]].format(end=f"{high:g}"))
    pen.fit(rows.height, left, right, top, draw_foot(pen, ends, caption, left, right))
    return pen.ax


def _draw_ratings(pen: Pen, result: WeakLinks, rows: Rows, words: Mapping[str, str]) -> dict[str, Any]:
    """Ratings, stacked where raters said the same, intervals and means; their key."""
    frame, ax = result.frame, pen.ax
    order = [[link.id for link in result.links].index(each) for each in frame["link"]]
    across, up = [], []
    for k, y in zip(order, rows.places, strict=True):
        column = result.ratings[:, k]
        for value in np.unique(column[np.isfinite(column)]):
            times = int((column == value).sum())
            across += [value + 0.06 * (j - (times - 1) / 2) for j in range(times)]
            up += [y + 7] * times
    places = np.array(rows.places) - 2
    ax.scatter(across, up, s=11, color=GREY, alpha=0.8, linewidths=0, label="rating", zorder=2.5)
    known = np.isfinite(frame["low"].to_numpy())
    ax.hlines(places[known], frame["low"][known], frame["high"][known], colors=BLUE, linewidth=2.2, label="interval",
              zorder=3)  # fmt: skip
    ax.scatter(frame["mean"], places, s=36, color=BLUE, label="mean", zorder=4, clip_on=False)
    worst = frame["mean"].to_numpy() == frame["mean"].iloc[0]
    ax.scatter(frame["mean"][worst], places[worst], s=36, color=VERMILION, label="weakest", zorder=5, clip_on=False)
    return {
        words["mean"]: Line2D([], [], color=BLUE, marker="o", markersize=6, linewidth=2.2),
        words["rating"]: Line2D([], [], linestyle="", marker="o", markersize=3.5, color=GREY),
    }
