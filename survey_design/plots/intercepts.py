"""The plan of an exit survey as one sheet: stores down, time across, footfall as shade, drawn blocks with their interviewer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.intercepts import InterceptPlan

Array = NDArray[Any]

_SHADE = LinearSegmentedColormap.from_list("footfall", ["#FFFFFF", "#CFE3F1", "#7DB4D8"])
_ROW, _LOW_ROW, _MANY, _BARS, _BREAK = 17.0, 10.0, 40, 46.0, 14.0  # points
_WORDS: Mapping[str, Text] = {
    "drawn": {"en": "drawn block, with its interviewer", "zh": "抽中的时段及访问员"},
    "drawn only": {"en": "drawn block", "zh": "抽中的时段"},
    "could": {
        "en": "block that could have been drawn: the more leavers, the darker",
        "zh": "可抽时段：离店人数越多颜色越深",
    },
    "all": {"en": "all {stores} stores", "zh": "{stores} 家门店合计"},
    "quota": {"en": "quota", "zh": "配额"},
    "expected": {"en": "expected", "zh": "预计"},
    "beneath": {
        "en": "Beneath: leavers per block, all these stores together (most: {most}). Expected interviews count refusals in.",
        "zh": "下方：各时段这些门店的离店人数合计（最高 {most}）。预计完成数已扣除拒访。",
    },
}


def draw_intercepts(result: InterceptPlan, ax: Axes | None = None) -> Axes:
    """Stores by time: footfall as shade, drawn blocks framed with their interviewer, all footfall beneath.

    Parameters
    ----------
    result : InterceptPlan, from :func:`survey_design.intercepts.plan_intercepts`
    ax : Axes, optional
        Axes to draw on; without them a new figure is made, as high as the stores need.

    Returns
    -------
    Axes
        Collections: "blocks" (all that could be drawn, their leavers as array), "drawn", and "footfall" (bars beneath).
        Blocks stand at the number of their time, left edge; stores are the y ticks.

    Raises
    ------
    SpecError
        If the plan has no blocks.

    Examples
    --------
    >>> import pandas as pd
    >>> from survey_design.intercepts import plan_intercepts
    >>> from survey_design.plots.sheet import new_axes
    >>> hours = [(s, d, h, 60) for s in "AB" for d in ("2026-03-06", "2026-03-07") for h in range(10, 14)]
    >>> footfall = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
    >>> ax = draw_intercepts(plan_intercepts(footfall, n=20, interviewers=2, seed=1), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()], len(ax.collections[1].get_paths())
    (['A', 'B'], 4)
    """
    chart = _plan_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _plan_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    height = chart.row * len(chart.stores) + _BREAK + _BARS
    left = max(pen.width(name) for name in (*chart.stores, chart.words["all"])) + 10
    right = _figure_width(pen, chart)
    _draw_rows(pen, chart, height, left)
    named = _draw_drawn(pen, chart, pen.axes_width(left, right) / chart.times)
    _draw_bars(pen, chart, height)
    days = _draw_days(pen, chart, pen.axes_width(left, right) / chart.times)
    _draw_figures(pen, chart)
    face = "white" if named == "inside" else VERMILION
    key = {
        chart.words["drawn" if named else "drawn only"]: Rectangle(
            (0, 0), 1, 1, facecolor=face, edgecolor=VERMILION, lw=1.4
        ),
        chart.words["could"]: Rectangle((0, 0), 1, 1, facecolor=_SHADE(0.6), edgecolor=PALE, lw=0.4),
    }
    top = pen.title(chart.title, left, right, pen.key(key, left, right, days + 14))
    bottom = pen.caption(chart.caption, left, right, 16)
    pen.fit(height, left, right, top, bottom)
    return pen.ax


@dataclass(frozen=True, eq=False)
class _PlanChart:
    """The words and numbers of the picture.

    Attributes
    ----------
    at, row_of, leavers : (b,) time, store and footfall of every block that could be drawn
    drawn_at, drawn_row, who : (d,) time, store and interviewer of the drawn ones
    days : words of each day, and its first and last time
    quota, expected : (stores,) in words
    times, row : number of times; height of a row
    """

    title: str
    stores: tuple[str, ...]
    at: Array
    row_of: Array
    leavers: Array
    drawn_at: Array
    drawn_row: Array
    who: tuple[str, ...]
    days: tuple[tuple[str, float, float], ...]
    quota: tuple[str, ...]
    expected: tuple[str, ...]
    words: Mapping[str, str]
    caption: str
    times: int
    row: float

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.stores, *self.who, *self.words.values())
        yield from (words for words, _, _ in self.days)


def _plan_chart(result: InterceptPlan) -> _PlanChart:
    slots, frame, language = result.slots, result.frame, result.language
    if slots.empty:
        raise SpecError("a picture of a plan needs blocks; this plan has none.")
    stores = pd.Index(result.stores["store"])
    first = int(slots["slot"].min())
    most = f"{slots.groupby('slot')['leavers'].sum().max():,.0f}"
    words = {key: say(text, language).format(stores=len(stores), most=most) for key, text in _WORDS.items()}
    spans = slots.groupby("day")["slot"].agg(["min", "max"])
    days = tuple((result.day_words(str(day)), float(low - first), float(high - first + 1))
                 for day, low, high in spans.itertuples())  # fmt: skip
    return _PlanChart(
        title=result.title(), stores=tuple(result.value_words("store", name) for name in stores), at=slots["slot"].to_numpy() - first,
        row_of=stores.get_indexer(slots["store"]), leavers=slots["leavers"].to_numpy(float),
        drawn_at=frame["slot"].to_numpy() - first, drawn_row=stores.get_indexer(frame["store"]),
        who=tuple(frame["interviewer"]), days=days, quota=tuple(f"{q:,}" for q in result.stores["quota"]),
        expected=tuple(f"{x:,.0f}" for x in result.stores["interviews"]), words=words, caption=words["beneath"],
        times=int(slots["slot"].max()) - first + 1, row=_LOW_ROW if len(stores) > _MANY else _ROW,
    )  # fmt: skip


def _draw_rows(pen: Pen, chart: _PlanChart, height: float, left: float) -> None:
    """Every block that could be drawn, shaded by its footfall."""
    ax, row = pen.ax, chart.row
    ax.set(xlim=(0, chart.times), ylim=(height, 0))
    boxes = [Rectangle((x, y * row + 1), 1, row - 2) for x, y in zip(chart.at, chart.row_of, strict=True)]
    shaded = PatchCollection(boxes, cmap=_SHADE, edgecolors=PALE, linewidths=0.3, label="blocks", zorder=1)
    shaded.set_array(chart.leavers)
    shaded.set_clim(0, float(chart.leavers.max()))
    ax.add_collection(shaded)
    places = [(k + 0.5) * row for k in range(len(chart.stores))]
    ax.set_yticks(places, chart.stores, ha="left", **pen.look(8.5 if row > _LOW_ROW else 7.0, INK))
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="y", pad=left)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _draw_drawn(pen: Pen, chart: _PlanChart, cell: float) -> str:
    """The drawn blocks, framed; where their interviewers' names stand: "inside", "beside" or nowhere ("")."""
    row = chart.row
    boxes = [Rectangle((x, y * row + 1), 1, row - 2) for x, y in zip(chart.drawn_at, chart.drawn_row, strict=True)]
    longest = max(pen.width(name, 6.5) for name in chart.who)
    inside = longest <= cell - 1.5 and row > _LOW_ROW
    pen.ax.add_collection(PatchCollection(boxes, facecolors="white" if inside else VERMILION, edgecolors=VERMILION,
                                          linewidths=1.4, label="drawn", zorder=3))  # fmt: skip
    beside = not inside and longest <= 26 and row > _LOW_ROW
    for k, (name, x, y) in enumerate(zip(chart.who, chart.drawn_at, chart.drawn_row, strict=True)):
        if inside:
            pen.ax.text(
                x + 0.5, (y + 0.5) * row, name, ha="center", va="center_baseline", zorder=4, **pen.look(6.5, INK)
            )
        elif beside and (side := _free_side(chart, k, (pen.width(name, 6.5) + 4) / cell)):
            paper = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
            pen.ax.annotate(name, (x + (side > 0), (y + 0.5) * row), (2 * side, 0), textcoords="offset points",
                            va="center_baseline", ha="left" if side > 0 else "right", zorder=4, bbox=paper,
                            **pen.look(6.5, INK))  # fmt: skip
    return "inside" if inside else "beside" if beside else ""


def _free_side(chart: _PlanChart, k: int, width: float) -> int:
    """Where a name of this width (in times) has room beside drawn block k: 1 right, −1 left, 0 nowhere."""
    x = chart.drawn_at[k]
    others = chart.drawn_at[(chart.drawn_row == chart.drawn_row[k]) & (chart.drawn_at != x)] - x
    if x + 1 + width / 2 <= chart.times and not ((others > 0) & (others < 1 + width)).any():
        return 1
    return -1 if x - width >= 0 and not ((others < 0) & (others > -1 - 2 * width)).any() else 0


def _draw_bars(pen: Pen, chart: _PlanChart, height: float) -> None:
    """Leavers of all stores together, time by time, standing on the lower edge."""
    total = np.bincount(chart.at, chart.leavers, minlength=chart.times)
    tall = _BARS * total / total.max()
    bars = [Rectangle((x + 0.1, height - h), 0.8, h) for x, h in enumerate(tall)]
    pen.ax.add_collection(
        PatchCollection(bars, facecolors=BLUE, edgecolors="none", alpha=0.55, label="footfall", zorder=2)
    )
    pen.ax.plot([0, chart.times], [height, height], color=PALE, lw=0.8, zorder=1, clip_on=False)
    left = max(pen.width(name) for name in (*chart.stores, chart.words["all"])) + 10
    pen.write(chart.words["all"], 0, height - 6, -left, size=8.5, color=GREY)


def _draw_days(pen: Pen, chart: _PlanChart, cell: float) -> float:
    """Days above their blocks, upright where they don't fit; the height they take."""
    middles = [(low + high) / 2 for _, low, high in chart.days]
    labels = [words for words, _, _ in chart.days]
    room = min(high - low for _, low, high in chart.days) * cell - 3
    upright = max(pen.width(label, 7.5) for label in labels) > room
    pen.ax.set_xticks(middles, labels, rotation=90 if upright else 0, va="bottom", **pen.look(7.5, GREY))
    pen.ax.tick_params(axis="x", labeltop=True, labelbottom=False, pad=3)
    for _, low, _ in chart.days[1:]:
        pen.ax.axvline(low, color=GREY, lw=0.5, zorder=2)
    return max(pen.width(label, 7.5) for label in labels) + 4 if upright else 13.0


def _figure_columns(chart: _PlanChart) -> Sequence[tuple[str, tuple[str, ...]]]:
    return ((chart.words["quota"], chart.quota), (chart.words["expected"], chart.expected))


def _figure_width(pen: Pen, chart: _PlanChart) -> float:
    return sum(12 + max(pen.width(text, 8.5) for text in (head, *cells)) for head, cells in _figure_columns(chart))


def _draw_figures(pen: Pen, chart: _PlanChart) -> None:
    """Quota and expected interviews of every store, at the right."""
    edge = 0.0
    for head, cells in _figure_columns(chart):
        edge += 12 + max(pen.width(text, 8.5) for text in (head, *cells))
        pen.write(head, 1, 0, edge, 8, to="data", size=8.0, color=GREY, ha="right")
        for k, cell in enumerate(cells):
            pen.write(cell, 1, (k + 0.5) * chart.row, edge, size=8.5 if chart.row > _LOW_ROW else 7.0, ha="right")
