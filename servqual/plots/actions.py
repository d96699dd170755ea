"""Pictures of decisions: actions with what they bring and their chances, what each budget brings, cash flow by year, and what rates do to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.plots.drivers import chance_figure
from servqual.plots.rows import Figures, Rows, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.priorities import ActionChoice
    from servqual.priorities.frontier import BudgetFrontier
    from servqual.priorities.returns import CashFlow, ReturnSensitivity

Array = NDArray[Any]

_HEIGHT, _BELOW, _LEFT, _RIGHT = 230.0, 42.0, 46.0, 26.0
_BAR = 5.0  # points: half the height of a bar
_WORDS: Mapping[str, Text] = {
    "taken": {"en": "taken, {level} interval", "zh": "采取，{level} 区间"},
    "left": {"en": "left, {level} interval", "zh": "不采取，{level} 区间"},
    "take": {"en": "Take", "zh": "采取"},
    "leave": {"en": "Leave", "zh": "不采取"},
    "chance": {"en": "in the best set", "zh": "入选概率"},
    "points": {"en": "points of the weighted overall rating", "zh": "加权总体评分，分"},
    "best": {"en": "best that can be had", "zh": "可得最大收益"},
    "concave": {"en": "concave line above; corners where money brings most", "zh": "凹包络线，拐点处资金效率最高"},
    "asked": {"en": "budget asked for", "zh": "所问预算"},
    "out": {"en": "flows out", "zh": "流出"},
    "in": {"en": "flows in", "zh": "流入"},
    "sum": {"en": "sum so far", "zh": "累计"},
    "present": {"en": "present value so far", "zh": "累计现值"},
    "year": {"en": "year", "zh": "年"},
    "low": {"en": "at the low end of its range", "zh": "取范围下限"},
    "high": {"en": "at the high end of its range", "zh": "取范围上限"},
    "npv": {"en": "net present value", "zh": "净现值"},
    "range": {"en": "range", "zh": "范围"},
    "even": {"en": "break-even", "zh": "盈亏平衡点"},
    "line": {
        "en": "Upright line: net present value with all rates as they are.",
        "zh": "竖线：各比率取给定值时的净现值。",
    },
}


def _words(language: str, level: float = 0.95) -> dict[str, str]:
    return {key: say(text, language).replace("{level}", f"{100 * level:g}%") for key, text in _WORDS.items()}


def _heading(result: Result, name: str) -> str:
    """What the table of a result calls a column, with its currency."""
    return next(column.heading(result.language) for column in result.columns() if column.name == name)


# --- actions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _ActionChart:
    """The words and numbers of the picture of a choice."""

    title: str
    labels: tuple[str, ...]
    chosen: Array
    value: Array
    low: Array
    high: Array
    cost: tuple[str, ...]
    chance: tuple[str, ...]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.chance, *self.words.values())


def draw_action_choice(result: ActionChoice, ax: Axes | None = None) -> Axes:
    """Every action with what it brings by itself, its cost, and the chance that it belongs to the best set; those taken first.

    Returns
    -------
    Axes
        Collections "taken", "left" and their intervals, and the line "null".

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import load_instrument
    >>> from servqual.plots import new_axes
    >>> from servqual.priorities import choose_actions, read_actions
    >>> frame = pd.DataFrame({"action": ["a", "b"], "target": "REL1", "cost": [2, 3], "gain": [0.5, 0.6]})
    >>> found = choose_actions(read_actions(frame, load_instrument("servqual-22")), 4, importance={"REL1": 1})
    >>> [each.get_label() for each in draw_action_choice(found, new_axes()).collections]
    ['null', 'taken interval', 'taken', 'left interval', 'left']
    """
    chart = _action_chart(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _action_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    blocks = [chart.words["take" if taken else "leave"] for taken in chart.chosen]
    rows = Rows.stacked(pen, chart.labels, blocks, [False] * len(blocks))
    left = rows.draw_labels(pen)
    _value_axis(pen, np.concatenate([chart.value, chart.low, chart.high, [0.0]]), rows.height)
    pen.ax.vlines(0, 0, rows.height, colors=INK, linewidth=0.9, label="null", zorder=1.4)
    key = _draw_marks(pen, chart, np.array(rows.places))
    inks, strong = [INK if taken else GREY for taken in chart.chosen], [bool(taken) for taken in chart.chosen]
    right = rows.draw_figures(
        pen,
        [Figures(chart.words["cost"], chart.cost, inks), Figures(chart.words["chance"], chart.chance, inks, strong)],
    )
    pen.write(chart.words["points"], 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, _BELOW))
    return pen.ax


def _draw_marks(pen: Pen, chart: _ActionChart, places: Array) -> dict[str, Any]:
    """Dots with their intervals, full where an action is taken; and their key."""
    key: dict[str, Any] = {}
    for name, chosen, color in (("taken", chart.chosen, BLUE), ("left", ~chart.chosen, GREY)):
        if not chosen.any():
            continue
        face = color if name == "taken" else "white"
        pen.ax.hlines(
            places[chosen],
            chart.low[chosen],
            chart.high[chosen],
            colors=color,
            linewidth=1.6,
            label=f"{name} interval",
            zorder=2.5,
        )
        pen.ax.scatter(chart.value[chosen], places[chosen], s=34, marker="o", facecolors=face, edgecolors=color, linewidths=1.4, label=name,
                       zorder=3, clip_on=False)  # fmt: skip
        key[chart.words[name]] = Line2D(
            [], [], color=color, marker="o", markersize=5.5, markerfacecolor=face, linewidth=1.6
        )
    return key


def _action_chart(result: ActionChoice) -> _ActionChart:
    frame = result.frame.assign(_left=~result.frame["chosen"]).sort_values(
        ["_left", "chance"], ascending=[True, False], kind="stable"
    )
    language = result.language
    return _ActionChart(
        title=result.title(), labels=tuple(result.actions.label(name) for name in frame["action"]), chosen=frame["chosen"].to_numpy(bool),
        **{edge: frame[name].to_numpy(float) for edge, name in (("value", "benefit"), ("low", "low"), ("high", "high"))},
        cost=tuple(f"{cost:,.0f}" for cost in frame["cost"]), chance=tuple(chance_figure(chance) for chance in frame["chance"]),
        words={**_words(language, result.level), "cost": _heading(result, "cost")}, caption=joined([result.sentence(), result.note()], language),
    )  # fmt: skip


def _value_axis(pen: Pen, numbers: Array, height: float, shown: str = "{:.6g}", most: int = 6) -> None:
    """A few round numbers about everything that is drawn."""
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    air = 0.04 * (high - low) or 0.5
    low, high = (low - air if low < 0 else low), high + air
    ticks = [float(x) for x in MaxNLocator(most).tick_values(low, high) if low <= x <= high]
    pen.ax.set(xlim=(low, high))
    draw_grid(pen, ticks, [shown.format(tick).replace("-", "−") for tick in ticks], height)


# --- frontier ----------------------------------------------------------------------------------------------


def draw_frontier(result: BudgetFrontier, ax: Axes | None = None) -> Axes:
    """What each budget brings at best: a step for each better set, the concave line above, and the budget asked for.

    Returns
    -------
    Axes
        Lines "concave", "best" and "asked".

    Raises
    ------
    SpecError
        If nothing brings anything at any budget.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import load_instrument
    >>> from servqual.plots import new_axes
    >>> from servqual.priorities import choose_actions, read_actions
    >>> frame = pd.DataFrame({"action": ["a", "b"], "target": "REL1", "cost": [2, 3], "gain": [0.5, 0.6]})
    >>> found = choose_actions(read_actions(frame, load_instrument("servqual-22")), 4, importance={"REL1": 1})
    >>> [line.get_label() for line in draw_frontier(found.frontier, new_axes()).lines]
    ['concave', 'best', 'asked']
    """
    if len(result.frame) < 2:
        raise SpecError("no budget brings anything, so there is no frontier to draw.")
    fonts = fonts_for([result.title(), result.note(), _heading(result, "budget"), *_words(result.language).values()])
    if fonts is None:
        result, fonts = result.in_language("en"), LATIN
    title, words, note = result.title(), _words(result.language), result.note()
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    frame = result.frame
    budget, benefit, corner = (
        frame["budget"].to_numpy(float),
        frame["benefit"].to_numpy(float),
        frame["corner"].to_numpy(bool),
    )
    most = 1.04 * max(budget[-1], min(result.budget, 1.3 * budget[-1]))
    pen.ax.plot(budget[corner], benefit[corner], color=VERMILION, linewidth=1, linestyle="dashed", marker="o", markersize=4, label="concave",
                zorder=2)  # fmt: skip
    pen.ax.step(
        [*budget, most], [*benefit, benefit[-1]], where="post", color=BLUE, linewidth=1.8, label="best", zorder=2.5
    )
    if result.budget <= most:
        pen.ax.axvline(result.budget, color=INK, linewidth=1, linestyle="dotted", label="asked", zorder=1.5)
    _both_axes(pen, (0, most), (min(0.0, benefit[0]), 1.06 * benefit[-1]), _heading(result, "budget"), words["points"])
    key = {words["best"]: Line2D([], [], color=BLUE, linewidth=1.8),
           words["concave"]: Line2D([], [], color=VERMILION, linewidth=1, linestyle="dashed", marker="o", markersize=4),
           words["asked"]: Line2D([], [], color=INK, linewidth=1, linestyle="dotted")}  # fmt: skip
    top = pen.title(title, _LEFT, _RIGHT, pen.key(key, _LEFT, _RIGHT, 26.0))
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, pen.caption(note, _LEFT, _RIGHT, _BELOW))
    return pen.ax


def _both_axes(
    pen: Pen, across: tuple[float, float], up: tuple[float, float], below: str, above: str, *, whole: bool = False
) -> None:
    """Round numbers across and upwards, thin lines, and what the axes are."""
    ax = pen.ax
    ax.set(xlim=across, ylim=up, axisbelow=True)
    ticks = [[t for t in MaxNLocator(8 if k == 0 else 6, integer=whole and k == 0).tick_values(*ends) if ends[0] <= t <= ends[1]]
             for k, ends in enumerate((across, up))]  # fmt: skip
    shown = [[f"{t:,.6g}" if abs(t) < 1e6 else f"{t:,.0f}" for t in each] for each in ticks]
    ax.set_xticks(ticks[0], [t.replace("-", "−") for t in shown[0]], **pen.look(8.5, GREY))
    ax.set_yticks(ticks[1], [t.replace("-", "−") for t in shown[1]], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="y", color=PALE, linewidth=0.6, linestyle="-")
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set(visible=True, color=INK, linewidth=0.6)
    pen.write(above, 0, 1, -_LEFT, 12, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(below, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")


# --- money -------------------------------------------------------------------------------------------------


def draw_cash_flow(result: CashFlow, ax: Axes | None = None) -> Axes:
    """What flows out and in each year, and the sums so far, plain and discounted.

    Returns
    -------
    Axes
        Containers "out" and "in"; lines "null", "sum" and "present".

    Examples
    --------
    >>> from servqual.plots import new_axes
    >>> from servqual.priorities.returns import return_on_quality
    >>> found = return_on_quality(operating_budget=100, operating_cost=100, revenue=120)
    >>> [line.get_label() for line in draw_cash_flow(found.ledger, new_axes()).lines]
    ['null', 'sum', 'present']
    """
    fonts = fonts_for([result.title(), result.note(), *_words(result.language).values()])
    if fonts is None:
        result, fonts = result.in_language("en"), LATIN
    title, words, note = result.title(), _words(result.language), result.note()
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    year, net = result.frame["year"].to_numpy(float), result.frame["net"].to_numpy(float)
    sums = {
        name: result.frame[column].to_numpy(float)
        for name, column in (("sum", "cumulative"), ("present", "cumulative_present"))
    }
    for name, some, color in (("out", net < 0, VERMILION), ("in", net >= 0, BLUE)):
        pen.ax.bar(year[some], net[some], width=0.5, color=color, alpha=0.35, linewidth=0, label=name, zorder=2)
    pen.ax.axhline(0, color=INK, linewidth=0.9, label="null", zorder=2.2)
    looks: Mapping[str, tuple[Any, str]] = {"sum": ("-", "o"), "present": ("--", "s")}
    for name, (line, marker) in looks.items():
        pen.ax.plot(year, sums[name], color=INK, linestyle=line, linewidth=1.5, marker=marker, markersize=4.5, markerfacecolor="white", label=name,
                    zorder=3, clip_on=False)  # fmt: skip
    everything = np.concatenate([net, *sums.values(), [0.0]])
    air = 0.06 * float(np.ptp(everything))
    left = _LEFT + 24  # large sums
    _both_axes(
        pen, (-0.5, year[-1] + 0.5), (everything.min() - air, everything.max() + air), words["year"], "", whole=True
    )
    key = {words["out"]: Patch(facecolor=VERMILION, alpha=0.35), words["in"]: Patch(facecolor=BLUE, alpha=0.35),
           **{words[name]: Line2D([], [], color=INK, linestyle=line, marker=marker, markersize=4.5, markerfacecolor="white")
              for name, (line, marker) in looks.items()}}  # fmt: skip
    top = pen.title(title, left, _RIGHT, pen.key(key, left, _RIGHT, 14.0))
    pen.fit(_HEIGHT, left, _RIGHT, top, pen.caption(note, left, _RIGHT, _BELOW))
    return pen.ax


def draw_tornado(result: ReturnSensitivity, ax: Axes | None = None) -> Axes:
    """The net present value at both ends of each rate's range, the widest bar on top; with the range and the break-even value.

    Rates without a range are left out.

    Returns
    -------
    Axes
        Collections "low" and "high" (bars from the value with all rates as they are), "value" and "null".

    Raises
    ------
    SpecError
        If no rate has a range.

    Examples
    --------
    >>> from servqual.plots import new_axes
    >>> from servqual.priorities.returns import return_on_quality
    >>> found = return_on_quality(operating_budget=100, operating_cost=100, revenue=120)
    >>> len(draw_tornado(found.sensitivity, new_axes()).get_yticklabels())
    3
    """
    frame = result.frame[result.frame["low"] < result.frame["high"]]
    if frame.empty:
        raise SpecError("no rate has a range, so nothing can be varied: give ranges=.")
    shown, words = result, _words(result.language)
    labels, figures, caption = _tornado_words(shown, frame, words)
    fonts = fonts_for([shown.title(), caption, *labels, *words.values()])
    if fonts is None:
        shown, words, fonts = result.in_language("en"), _words("en"), LATIN
        labels, figures, caption = _tornado_words(shown, frame, words)
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, labels, [""] * len(labels), [False] * len(labels), usual=24.0)
    left = rows.draw_labels(pen)
    ends = frame[["npv_low", "npv_high"]].to_numpy(float)
    _value_axis(
        pen,
        np.array([*ends.ravel(), result.npv, 0.0]),
        rows.height,
        "{:,.6g}" if np.abs(ends).max() < 1e6 else "{:,.0f}",
        4,
    )
    places = np.array(rows.places)
    key = {}
    for j, (name, color) in enumerate((("low", VERMILION), ("high", BLUE))):
        pen.ax.barh(
            places,
            ends[:, j] - result.npv,
            left=result.npv,
            height=2 * _BAR,
            color=color,
            alpha=0.75,
            linewidth=0,
            label=name,
            zorder=2,
        )
        key[words[name]] = Patch(facecolor=color, alpha=0.75)
    pen.ax.vlines(result.npv, 0, rows.height, colors=INK, linewidth=0.9, label="value", zorder=3)
    pen.ax.vlines(0, 0, rows.height, colors=GREY, linewidth=0.9, linestyles="dotted", label="null", zorder=1.4)
    right = rows.draw_figures(pen, figures)
    pen.write(words["npv"], 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(shown.title(), left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top, pen.caption(caption, left, right, _BELOW))
    return pen.ax


def _tornado_words(
    result: ReturnSensitivity, frame: Any, words: Mapping[str, str]
) -> tuple[list[str], list[Figures], str]:
    """Row labels, columns of figures and the caption."""
    column = {each.name: each for each in result.columns()}
    labels = [column["rate"].show(name, result.language) for name in frame["rate"]]
    cells = {
        name: [column[name].show(value, result.language) for value in frame[name]]
        for name in ("low", "high", "break_even")
    }
    bold, to = [bool(turns) for turns in frame["turns"]], " 至 " if result.language == "zh" else " to "
    figures = [Figures(words["range"], [f"{low}{to}{high}" for low, high in zip(cells["low"], cells["high"], strict=True)]),
               Figures(words["even"], cells["break_even"], [VERMILION if turns else GREY for turns in bold], bold)]  # fmt: skip
    return labels, figures, joined([words["line"], result.sentence(), result.note()], result.language)
