"""What to improve first? The map of importance and performance with its chances, and the ranked list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.plots.drivers import RowChart, chance_figure, label_places, open_rank
from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.priorities import Priorities, Quadrants

Array = NDArray[Any]

_WORDS: Mapping[str, Text] = {
    "up": {"en": "↑ {importance}", "zh": "↑ {importance}"},
    "performance": {"en": "performance →", "zh": "绩效 →"},
    "gap": {"en": "gap (P − E) →", "zh": "差距（P − E）→"},
    "read map": {"en": "Percent: chance that the item's quadrant is the true one; filled from {sure} on. Ellipses: {level} regions of the estimates.",
                 "zh": "百分比：所在象限为真实象限的概率；达到 {sure} 为实心。椭圆：估计值的 {level} 置信域。"},
    "index": {"en": "index, {level} interval", "zh": "指数，{level} 区间"},
    "rank": {"en": "rank", "zh": "排名"},
    "first": {"en": "first", "zh": "居首"},
    "top": {"en": "top {top}", "zh": "前 {top}"},
    "share": {"en": "share", "zh": "占比"},
    "of largest": {"en": "index, percent of the largest", "zh": "指数，占最大值的百分比"},
    "read list": {"en": "Rank: place, and in brackets the places that the data leave open. Bars: draws pulled towards the mean of all items.",
                  "zh": "排名：括号内为数据未能排除的名次。横线：向总体均值收缩后的抽取区间。"},
}  # fmt: skip
_LOOKS = {
    "concentrate_here": ("s", VERMILION),
    "keep_up": ("o", BLUE),
    "low_priority": ("D", GREY),
    "possible_overkill": ("^", GREEN),
}
_CORNERS = {
    "concentrate_here": (0, 1, "left"),
    "keep_up": (1, 1, "right"),
    "low_priority": (0, 0, "left"),
    "possible_overkill": (1, 0, "right"),
}
_HEIGHT, _LETTER, _SURE = 400.0, 8.0, 0.8
_LEFT, _RIGHT = 34.0, 14.0


def _words(result: Quadrants | Priorities, **more: str) -> dict[str, str]:
    given = {"level": f"{100 * result.level:g}%", "sure": f"{100 * _SURE:.0f}%", **more}
    out = {}
    for key, text in _WORDS.items():
        words = say(text, result.language)
        for name, value in given.items():
            words = words.replace("{" + name + "}", value)
        out[key] = words
    return out


# --- the map -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Map:
    """The words and numbers of the map, one entry an item: performance across, importance up; ``labels`` are names with
    chances."""

    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    quadrants: tuple[str, ...]
    sure: tuple[bool, ...]
    points: Array
    outlines: tuple[Array, ...]
    cuts: tuple[float, float]
    diagonal: bool
    corners: Mapping[str, str]
    words: Mapping[str, str]
    across: str
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, self.across, *self.labels, *self.corners.values(), *self.words.values())


def draw_quadrants(result: Quadrants, ax: Axes | None = None) -> Axes:
    """Every item by its performance (across) and importance (up), with the crosshairs, ellipses, and the chance of its
    quadrant.

    Parameters
    ----------
    result : Quadrants, from :func:`servqual.priorities.importance_performance`, of one group
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Lines labelled with the items and "crosshair"; lines "ellipse"; a line "diagonal" under that rule.

    Raises
    ------
    SpecError
        If the result is split into groups.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.plots import new_axes
    >>> from servqual.priorities import importance_performance
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame(rng.normal([4, 5, 6], 1, (90, 3)), columns=["a", "b", "c"])
    >>> found = importance_performance(frame, importance={"a": 3, "b": 2, "c": 1}, performance=["a", "b", "c"])
    >>> [line.get_label() for line in draw_quadrants(found, new_axes()).lines if line.get_label() in "abc"]
    ['a', 'b', 'c']
    """
    if result.by:
        raise SpecError(
            "a map of importance and performance shows one group. Make it without by=, or from the responses of one group."
        )
    chart = _map_of(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _map_of(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    _draw_map(pen, chart)
    key = {chart.corners[name]: Line2D([], [], linestyle="", marker=shape, color=color, markersize=7)
           for name, (shape, color) in _LOOKS.items() if name in chart.quadrants}  # fmt: skip
    pen.write(chart.words["up"], 0, 1, -_LEFT, 8, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(chart.across, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(chart.title, _LEFT, _RIGHT, pen.key(key, _LEFT, _RIGHT, 24.0))
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, pen.caption(chart.caption, _LEFT, _RIGHT, 42.0))
    return pen.ax


def _map_of(result: Quadrants) -> _Map:
    frame = result.frame[result.frame["quadrant"] != ""]
    columns = {column.name: column for column in result.columns()}
    words = _words(result, importance=columns["importance"].heading(result.language))
    names = tuple(result.label(item) for item in frame["item"])
    named = [
        f"{name} {chance_figure(chance)}" if np.isfinite(chance) else name
        for name, chance in zip(names, frame["chance"], strict=True)
    ]
    cuts = (float(frame["performance_cut"].iloc[0]), float(frame["importance_cut"].iloc[0]))
    return _Map(
        title=result.title(), names=names, labels=tuple(named), quadrants=tuple(frame["quadrant"]),
        sure=tuple(bool(chance >= _SURE) for chance in frame["chance"]),
        points=frame[["performance", "importance"]].to_numpy(float),
        outlines=tuple(result.ellipse(item)[:, ::-1] for item in frame["item"]), cuts=cuts, diagonal=result.crosshairs == "diagonal",
        corners={name: say(text, result.language) for name, text in columns["quadrant"].words.items()}, words=words,
        across=words["gap" if result.positions.performance == "gap" else "performance"],
        caption=joined([words["read map"], result.note()], result.language),
    )  # fmt: skip


def _draw_map(pen: Pen, chart: _Map) -> None:
    ax = pen.ax
    limits = [_limits(chart, side) for side in range(2)]
    ax.set(xlim=limits[0], ylim=limits[1], axisbelow=True)
    for axis, (low, high) in zip("xy", limits, strict=True):
        ticks = [t for t in MaxNLocator(6).tick_values(low, high) if low <= t <= high]
        put = ax.set_xticks if axis == "x" else ax.set_yticks
        put(ticks, [f"{t:g}".replace("-", "−") for t in ticks], **pen.look(8.5, GREY))
    ax.grid(color=PALE, linewidth=0.6)
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.axvline(chart.cuts[0], color=INK, linewidth=0.9, label="crosshair", zorder=1.4)
    ax.axhline(chart.cuts[1], color=INK, linewidth=0.9, label="crosshair", zorder=1.4)
    if chart.diagonal:
        ends = [max(limits[0][0], limits[1][0]), min(limits[0][1], limits[1][1])]
        ax.plot(ends, ends, color=INK, linewidth=0.9, linestyle="--", label="diagonal", zorder=1.4)
    for outline, name in zip(chart.outlines, chart.quadrants, strict=True):
        if np.isfinite(outline).all():
            ax.plot(*outline.T, color=_LOOKS[name][1], alpha=0.35, linewidth=0.8, label="ellipse", zorder=1.8)
    for name, (x, y, ha) in _CORNERS.items():
        shift = (6 if ha == "left" else -6, -10 if y else 10)
        pen.write(chart.corners[name], x, y, *shift, to="axes fraction", size=9.5, color=GREY, ha=ha, strong=True)
    for own, name, sure, (x, y) in zip(chart.names, chart.quadrants, chart.sure, chart.points.tolist(), strict=True):
        shape, color = _LOOKS[name]
        ax.plot([x], [y], marker=shape, markersize=6.5, linestyle="none", markeredgecolor=color, markeredgewidth=1.4,
                markerfacecolor=color if sure else "white", label=own, zorder=4)  # fmt: skip
    _label(pen, chart, limits)


def _limits(chart: _Map, side: int) -> tuple[float, float]:
    """The ends of an axis: all ellipses, points and crosshairs inside, with room for the corners' names."""
    values = np.concatenate([chart.points[:, side], [chart.cuts[side]], *(each[:, side] for each in chart.outlines)])
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    room = (0.08 if side == 0 else 0.10) * ((high - low) or 1.0)
    return low - room, high + room


def _label(pen: Pen, chart: _Map, limits: list[tuple[float, float]]) -> None:
    width = pen.axes_width(_LEFT, _RIGHT)
    size = np.array([width, _HEIGHT])
    low, span = np.array([a for a, _ in limits]), np.array([b - a for a, b in limits])
    marks = (chart.points - low) / span * size
    shifts = label_places(marks, [pen.width(text, _LETTER) for text in chart.labels], (width, _HEIGHT))
    for text, (x, _), (_, y), (dx, dy) in zip(chart.labels, marks.tolist(), chart.points.tolist(), shifts, strict=True):
        pen.write(text, x / width, y, dx, dy, size=_LETTER, zorder=6)
        if dy:  # not beside its mark: a line says whose label it is
            near = min(max(0.0, dx), dx + pen.width(text, _LETTER))
            line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4}
            end = (near, dy - np.sign(dy) * _LETTER / 2)
            pen.ax.annotate(
                "", (x / width, y), end, xycoords=("axes fraction", "data"), textcoords="offset points", arrowprops=line
            )


# --- the list ----------------------------------------------------------------------------------------------


def draw_priorities(result: Priorities, ax: Axes | None = None) -> Axes:
    """The ranked list: each item's index with its interval, the ranks left open, and the chances to be first and among
    the first.

    Parameters
    ----------
    result : Priorities, from :func:`servqual.priorities.priorities`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections "interval" and "index".

    Raises
    ------
    SpecError
        If no item has a rank.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.plots import new_axes
    >>> from servqual.priorities import priorities
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame(rng.normal([4, 5, 6], 1, (90, 3)), columns=["a", "b", "c"])
    >>> found = priorities(frame, importance={"a": 3, "b": 2, "c": 1}, performance=["a", "b", "c"], target=7)
    >>> [label.get_text() for label in draw_priorities(found, new_axes()).get_yticklabels()]
    ['a', 'b', 'c']
    """
    if not np.isfinite(result.frame["index"]).any():
        raise SpecError("a picture of priorities needs the rank of at least one item; there is none.")
    chart = _list_of(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _list_of(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels))
    _draw_axis(pen, chart.marks, rows.height)
    places, (value, low, high) = np.array(rows.places), chart.marks
    pen.ax.hlines(places, low, high, colors=BLUE, linewidth=2.2, label="interval", zorder=3)
    pen.ax.scatter(value, places, marker="o", s=36, c=BLUE, label="index", zorder=5, clip_on=False)
    key = {chart.words["index"]: Line2D([], [], color=BLUE, marker="o", markersize=6, linewidth=2.2)}
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(head, cells, [INK] * len(cells)) for head, cells in chart.figures])
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    foot = draw_foot(pen, (chart.words["of largest"], ""), chart.caption, left, right)
    pen.fit(rows.height, left, right, top, foot)
    return pen.ax


def _draw_axis(pen: Pen, marks: tuple[Array, ...], height: float) -> None:
    most = float(np.nanmax(marks))
    ticks = [t for t in MaxNLocator(5).tick_values(0, most) if 0 <= t <= most * 1.05]
    pen.ax.set(xlim=(0, most * 1.05))
    draw_grid(pen, ticks, [f"{t:g}" for t in ticks], height)


def _list_of(result: Priorities) -> RowChart:
    words = _words(result, top=str(result.top))
    frame = result.frame[np.isfinite(result.frame["index"])]
    groups = frame.groupby(list(result.by), sort=False)["index"] if result.by else None
    largest = frame["index"].max() if groups is None else groups.transform("max").to_numpy(float)
    scaled = (
        100
        * frame[["index", "index_low", "index_high"]].to_numpy(float).T
        / np.where(np.asarray(largest) > 0, largest, 1.0)
    )
    records = frame.to_dict("records")
    figures = [
        (words["rank"], tuple(map(open_rank, records))),
        (words["first"], tuple(chance_figure(row["first"]) for row in records)),
    ]
    if 1 < result.top < frame["item"].nunique():
        figures.append((words["top"], tuple(chance_figure(row["top"]) for row in records)))
    owned = frame["owner"].any()
    if owned:
        column = next(column for column in result.columns() if column.name == "owner")
        cells = tuple(column.show(row["owner"], result.language) if row["owner"] else "" for row in records)
        figures.append((column.heading(result.language), cells))
    return RowChart(
        title=result.title(), labels=tuple(result.label(item) for item in frame["item"]),
        blocks=tuple(result.group([row[name] for name in result.by]) for row in records), marks=tuple(scaled), figures=tuple(figures), words=words,
        caption=joined([words["read list"], result.note()], result.language),
    )  # fmt: skip
