"""The margin that money buys: the best plan at every budget, the chosen one marked, and others held beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.size.stages import StoresAndCustomers

Array = NDArray[Any]

_HEIGHT, _LEFT, _RIGHT, _BELOW = 230.0, 46.0, 30.0, 46.0
_DASHES: tuple[Literal["dashed", "dotted"], ...] = ("dashed", "dotted")

_WORDS: Mapping[str, Text] = {
    "best": {"en": "best plan at each cost", "zh": "各费用下的最优方案"},
    "per_store": {"en": "{k} customers per store", "zh": "每店 {k} 位顾客"},
    "per_region": {"en": "{k} customers per region", "zh": "每片区 {k} 位顾客"},
    "regions": {"en": "{k} regions", "zh": "{k} 个片区"},
    "chosen": {"en": "this plan", "zh": "本方案"},
    "cost": {"en": "cost", "zh": "费用"},
    "margin": {"en": "margin ± ({level} confidence)", "zh": "误差 ±（{level} 置信水平）"},
}


def draw_stages(result: StoresAndCustomers, ax: Axes | None = None) -> Axes:
    """Margin against cost: the best plan at every budget, the chosen plan on it, and two alternatives.

    Where the curve is steep, more money buys a more stable result; where it is flat, it does not. The thin lines hold
    the customers per store fixed (with three stages: the regions) at the lowest and highest alternative of the table;
    how far they run above the curve is what that choice costs.

    Parameters
    ----------
    result : StoresAndCustomers, from :func:`survey_design.size.stages.size_for_stores_and_customers`
    ax : Axes, optional
        Axes to draw on; without them a new sheet is made.

    Returns
    -------
    Axes
        Lines labelled "best", "chosen" (one point), and one per alternative with its words.

    Examples
    --------
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.size.stages import size_for_stores_and_customers
    >>> plan = size_for_stores_and_customers(sd=1.2, icc=0.05, cost_per_store=600, cost_per_interview=40, budget=60_000)
    >>> ax = draw_stages(plan, new_axes())
    >>> [line.get_label() for line in ax.get_lines()]
    ['best', '5 customers per store', '50 customers per store', 'chosen']
    """
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    _draw_axes(pen, chart)
    _draw_curves(pen, chart)
    top = pen.title(chart.title, _LEFT, _RIGHT, pen.key(_key(chart), _LEFT, _RIGHT))
    bottom = pen.caption(chart.sentence, _LEFT, _RIGHT, _BELOW)
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, bottom)
    return pen.ax


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture; each curve is (2, k) costs and margins."""

    title: str
    sentence: str
    best: Array
    others: tuple[tuple[str, Array], ...]
    chosen: tuple[float, float]
    figures: str
    words: Mapping[str, str]

    @property
    def wide(self) -> tuple[float, float]:
        """Ends of the axis of costs; where only one plan is possible, some room beside it."""
        first, last = float(self.best[0].min()), float(self.best[0].max())
        return (first, last) if first < last else (0.8 * first, 1.2 * last)

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.sentence, self.figures, *self.words.values())
        yield from (words for words, _ in self.others)


def _chart(result: StoresAndCustomers) -> _Chart:
    held = "regions" if result.model.staged else "per_store" if result.unit == "store" else "per_region"
    level = f"{100 * result.model.level:g}%"
    words = {key: say(text, result.language).replace("{level}", level) for key, text in _WORDS.items()}
    shown = result.frame[(result.frame["choice"] == "") & (result.frame["reason"] == "")][held]
    others = []
    for k in dict.fromkeys(int(end) for end in (shown.min(), shown.max()) if len(shown)):
        curve = result.curve(**{"regions" if held == "regions" else "per_store": k})
        others.append((words[held].replace("{k}", f"{k:,}"), curve[["cost", "margin"]].to_numpy().T))
    return _Chart(
        title=result.title(), sentence=result.sentence(), best=result.curve()[["cost", "margin"]].to_numpy().T,
        others=tuple(others), chosen=(result.cost, result.margin), figures=result.figures(), words=words,
    )  # fmt: skip


def _draw_axes(pen: Pen, chart: _Chart) -> None:
    """Axes that begin at 0 for the margin, with ticks in the picture's own letters."""
    ax, wide = pen.ax, chart.wide
    high = 1.08 * float(np.max(chart.best[1]))
    ax.set(xlim=wide, ylim=(0, high))
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(GREY)
    look = pen.look(8.5, GREY)
    x = [float(tick) for tick in MaxNLocator(6).tick_values(*wide) if wide[0] <= tick <= wide[1]]
    y = [float(tick) for tick in MaxNLocator(5).tick_values(0, high) if 0 <= tick <= high]
    ax.set_xticks(x, [f"{tick:,.10g}" for tick in x], **look)
    ax.set_yticks(y, [f"{tick:.10g}" for tick in y], **look)
    ax.tick_params(length=0)
    ax.hlines(y, *wide, colors=PALE, linewidth=0.6, zorder=1)
    pen.write(chart.words["cost"], 1, 0, 0, -27, to="axes fraction", size=8.5, color=GREY, ha="right")
    pen.write(chart.words["margin"], 0, 1, -_LEFT, 6, to="axes fraction", size=8.5, color=GREY, va="baseline")


def _draw_curves(pen: Pen, chart: _Chart) -> None:
    ax = pen.ax
    ax.plot(*chart.best, color=BLUE, linewidth=2.2, label="best", zorder=3)
    for (words, curve), dashes in zip(chart.others, _DASHES, strict=False):
        ax.plot(*curve, color=INK, linewidth=1.1, linestyle=dashes, label=words, zorder=2.5)
    cost, margin = chart.chosen
    ax.vlines(cost, 0, margin, colors=VERMILION, linewidth=0.9, linestyles="dotted", zorder=2)
    ax.plot([cost], [margin], "o", color=VERMILION, markersize=8, label="chosen", zorder=4)
    first, last = chart.wide
    pen.write(chart.figures, (cost - first) / (last - first), margin, -8, -13, color=VERMILION, ha="right")


def _key(chart: _Chart) -> dict[str, Line2D]:
    """What the lines mean."""
    key = {chart.words["best"]: Line2D([], [], color=BLUE, linewidth=2.2)}
    for (words, _), dashes in zip(chart.others, _DASHES, strict=False):
        key[words] = Line2D([], [], color=INK, linewidth=1.1, linestyle=dashes)
    key[chart.words["chosen"]] = Line2D([], [], color=VERMILION, marker="o", markersize=7, linestyle="")
    return key
