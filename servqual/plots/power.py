"""What would each plan find, and where do the loadings settle? Power against what a plan takes, chance against n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.plots.rows import Figures, Rows, draw_grid
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.factor_size import FactorSize
    from servqual.power import StudyPower

Array = NDArray[Any]

_MARKS = (("o", BLUE), ("s", VERMILION), ("D", GREEN), ("^", "#B8860B"), ("v", "#A8518A"), ("P", INK))
_HEIGHT, _BELOW, _APART, _RIGHT = 240.0, 42.0, 12.0, 26.0  # points; _APART is the least distance of two labels
_WANTED = 80.0  # percent: the power that is asked for where nothing else is said
_AXES = ("cost", "interviews", "expectation", "stores")  # what tells plans apart, the most telling first
_STEPS = [1, 2, 2.5, 5, 10]

_WORDS: Mapping[str, Text] = {
    "power": {"en": "power in percent", "zh": "功效，%"},
    "chance": {"en": "chance in percent", "zh": "把握，%"},
    "n": {"en": "completed interviews", "zh": "完成访谈数"},
    "interviews": {"en": "exit interviews", "zh": "离店访谈数"},
    "expectation": {"en": "customers asked for their expectations", "zh": "期望调查样本量"},
    "stores": {"en": "stores visited", "zh": "访问门店数"},
    "cost": {"en": "cost", "zh": "费用"},
    "plan": {"en": "plan", "zh": "方案"},
    "band": {"en": "left open by the number of simulations ({level})", "zh": "模拟次数有限所致的误差（{level}）"},
    "wanted": {"en": "power of {wanted}", "zh": "功效 {wanted}"},
    "budget": {"en": "budget", "zh": "预算"},
    "interval": {"en": "power; {band}", "zh": "功效；{band}"},
    "true": {"en": "true", "zh": "真值"},
    "power figure": {"en": "power", "zh": "功效"},
    "others": {"en": "Grey: {count} others, found more often.", "zh": "灰色：其余 {count} 项，更常被发现。"},
    "simulated": {"en": "simulated, {level} interval", "zh": "模拟结果，{level} 区间"},
    "smoothed": {"en": "smoothed, never falling", "zh": "平滑（单调不降）"},
    "target": {"en": "wanted", "zh": "目标"},
    "chosen": {"en": "chosen: n = {n}", "zh": "所选：n = {n}"},
}  # fmt: skip


# --- the power of studies ----------------------------------------------------------------------------------


def draw_power(result: StudyPower, ax: Axes | None = None) -> Axes:
    """Power against what a plan takes, a line for each thing looked for; one plan alone is drawn as rows.

    The band around a line is what the number of simulated studies leaves open. The dashed line stands at 80 %. The axis is
    the plans' cost where it is known, else the first of interviews, expectation sample and stores in which all plans
    differ. Of more than six things the six that are hardest to find are named, the others grey.

    Parameters
    ----------
    result : StudyPower, from :func:`servqual.power.study_power`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        With several plans: lines labelled with the names of what is looked for, their bands as collections "band", "wanted"
        and, where it lies among the plans' costs, "budget". With one plan: collections "interval", "power" (in percent) and "wanted", rows from top to bottom.

    Raises
    ------
    SpecError
        If the result has no rows.

    Examples
    --------
    >>> from servqual.plots import new_axes
    >>> from servqual.power import study_power
    >>> from servqual.simulate import DEFAULT_TRUTH, Fieldwork
    >>> power = study_power(DEFAULT_TRUTH, Fieldwork(interviews=250, expectation=80), seed=1, replicates=10, workers=1)
    >>> [label.get_text() for label in draw_power(power, new_axes()).get_yticklabels()]
    ['Tangibles', 'Reliability', 'Responsiveness', 'Assurance', 'Empathy']
    """
    if result.frame.empty:
        raise SpecError("a picture of power needs rows; this result has none.")
    chart = _power_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _power_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    return (_draw_rows if chart.plans == 1 else _draw_curves)(pen, chart)


@dataclass(frozen=True, eq=False)
class _PowerChart:
    """The words and numbers of the picture; powers in percent.

    Attributes
    ----------
    names, labels, true : what is looked for, in words, and its size as it is shown
    x : (plans,) where each plan stands, in rising order; ``across`` says what that is
    budget : what may be spent, nan if nothing was said
    power, low, high : (names, plans) nan where a plan's studies have no such row
    strong : positions of the names that are drawn in colour, the hardest first
    """

    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    true: tuple[str, ...]
    x: Array
    across: str
    budget: float
    power: Array
    low: Array
    high: Array
    strong: tuple[int, ...]
    words: Mapping[str, str]
    caption: str

    @property
    def plans(self) -> int:
        return len(self.x)

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.words.values())


def _power_chart(result: StudyPower) -> _PowerChart:
    frame, columns = result.frame, {column.name: column for column in result.columns()}
    across, place = _across(frame)
    names = list(dict.fromkeys(frame["name"]))
    tables = [100 * frame.assign(x=frame["plan"].map(place)).pivot(index="name", columns="x", values=value).loc[names]
              for value in ("power", "low", "high")]  # fmt: skip
    power, low, high = (table.to_numpy(float) for table in tables)
    hardest = np.lexsort((np.nanmean(power, axis=1), np.nan_to_num(power[:, -1])))
    true = frame.groupby("name", sort=False)["true"].first()
    words = _filled(result.language, level=f"{100 * result.level:g}%", wanted=f"{_WANTED:g}%",
                    count=f"{max(len(names) - len(_MARKS), 0)}")  # fmt: skip
    parts = [words["others"] if len(names) > len(_MARKS) and len(place) > 1 else "", result.note()]
    return _PowerChart(
        title=result.title(), names=tuple(names),
        labels=tuple(columns["name"].show(name, result.language) for name in names),
        true=tuple("" if true.isna().all() else columns["true"].show(value, "en") for value in true[names]),
        x=tables[0].columns.to_numpy(float), across=across,
        budget=np.nan if result.budget is None else result.budget, power=power, low=low, high=high,
        strong=tuple(int(k) for k in hardest[: len(_MARKS)]), words=words,
        caption=("" if result.language == "zh" else " ").join(filter(None, parts)),
    )  # fmt: skip


def _across(frame: pd.DataFrame) -> tuple[str, dict[int, float]]:
    """What tells the plans apart, and where each one stands."""
    plans = frame.drop_duplicates("plan").set_index("plan")
    for name in _AXES:
        if plans[name].notna().all() and plans[name].is_unique:
            return name, dict(zip(plans.index.astype(int).tolist(), plans[name].astype(float).tolist(), strict=True))
    return "plan", {plan: float(plan) for plan in plans.index.astype(int).tolist()}


def _draw_rows(pen: Pen, chart: _PowerChart) -> Axes:
    """One plan: a row for each thing looked for."""
    rows = Rows.stacked(pen, chart.labels, [""] * len(chart.labels), [False] * len(chart.labels))
    pen.ax.set(xlim=(0, 100))
    draw_grid(pen, range(0, 101, 20), [str(k) for k in range(0, 101, 20)], rows.height)
    pen.ax.vlines(_WANTED, 0, rows.height, colors=GREY, linewidth=1, linestyles="dashed", label="wanted", clip_on=False)
    pen.ax.hlines(
        rows.places, chart.low[:, 0], chart.high[:, 0], colors=BLUE, linewidth=1.8, label="interval", zorder=2.5
    )
    pen.ax.scatter(chart.power[:, 0], rows.places, s=34, color=BLUE, label="power", zorder=3, clip_on=False)
    left = rows.draw_labels(pen)
    figures = [
        Figures(chart.words["power figure"], [f"{power:.0f}%" for power in chart.power[:, 0]], [INK] * len(rows.places))
    ]
    if any(chart.true):
        figures.append(Figures(chart.words["true"], chart.true))
    right = rows.draw_figures(pen, figures)
    key = {
        chart.words["interval"].replace("{band}", chart.words["band"]): Line2D(
            [], [], color=BLUE, marker="o", markersize=6, linewidth=1.8
        ),
        chart.words["wanted"]: Line2D([], [], color=GREY, linewidth=1, linestyle="dashed"),
    }
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, 26.0))
    return pen.ax


def _draw_curves(pen: Pen, chart: _PowerChart) -> Axes:
    """Several plans: a line for each thing looked for, named at its right end."""
    labels = [f"{chart.labels[k]}  {chart.true[k]}".rstrip() for k in chart.strong]
    left, right = 36.0, 16 + max(pen.width(label, 8.5) for label in labels)
    _draw_percent_axes(pen, chart.x, chart.words["power"], chart.words[chart.across], left)
    grey = [k for k in range(len(chart.names)) if k not in chart.strong]
    for k in grey:
        pen.ax.plot(chart.x, chart.power[k], color=PALE, linewidth=1.2, label=chart.names[k], zorder=1.5)
    for k, (shape, color) in zip(chart.strong, _MARKS, strict=False):
        pen.ax.fill_between(
            chart.x, chart.low[k], chart.high[k], color=color, alpha=0.13, linewidth=0, label="band", zorder=1.6
        )
        pen.ax.plot(chart.x, chart.power[k], color=color, marker=shape, markersize=5, linewidth=1.8, label=chart.names[k],
                    zorder=3, clip_on=False)  # fmt: skip
    pen.ax.axhline(_WANTED, color=GREY, linewidth=1, linestyle="dashed", label="wanted", zorder=1.4)
    key = {
        chart.words["band"]: Patch(facecolor=GREY, alpha=0.25, linewidth=0),
        chart.words["wanted"]: Line2D([], [], color=GREY, linewidth=1, linestyle="dashed"),
    }
    if chart.across == "cost" and chart.x.min() < chart.budget < chart.x.max():
        pen.ax.axvline(chart.budget, color=INK, linewidth=0.9, linestyle="dotted", label="budget", zorder=1.4)
        key[chart.words["budget"]] = Line2D([], [], color=INK, linewidth=0.9, linestyle="dotted")
    _name_ends(pen, labels, [_last(chart.power[k]) for k in chart.strong])
    top = pen.title(chart.title, left, right, pen.key(key, left, right, 26.0))
    pen.fit(_HEIGHT, left, right, top, pen.caption(chart.caption, left, right, _BELOW))
    return pen.ax


def _last(values: Array) -> float:
    """The last value that is there."""
    return float(values[np.isfinite(values)][-1])


def _name_ends(pen: Pen, labels: Sequence[str], ends: Sequence[float]) -> None:
    """Labels beside the ends of their lines, moved apart where they would touch."""
    low, high = pen.ax.get_ylim()
    wanted = [(end - low) / (high - low) * _HEIGHT for end in ends]
    order = sorted(range(len(ends)), key=lambda k: wanted[k])
    for k, place in zip(order, _spread([wanted[k] for k in order], _APART, _HEIGHT), strict=True):
        pen.write(labels[k], 1, 0, 10, place, to="axes fraction", size=8.5, color=_MARKS[k][1])


def _spread(places: Sequence[float], apart: float, most: float) -> list[float]:
    """Rising places moved as little as needed to lie this far apart, none beyond the end.

    >>> _spread([10, 12, 100, 100], 12, 100)
    [10, 22, 88, 100]
    """
    out = list(places)
    for k in range(1, len(out)):
        out[k] = max(out[k], out[k - 1] + apart)
    out[-1] = min(out[-1], most)
    for k in range(len(out) - 2, -1, -1):
        out[k] = min(out[k], out[k + 1] - apart)
    return out


# --- the size for factors ----------------------------------------------------------------------------------


def draw_factor_size(result: FactorSize, ax: Axes | None = None) -> Axes:
    """The chance that a sample's factors come out right, against n: simulated points, the smoothed line, the chosen n.

    Parameters
    ----------
    result : FactorSize, from :func:`servqual.factor_size.size_for_factors`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Lines "smoothed", "simulated" (points, at the number of interviews under the planned design), "target" and
        "chosen" (one point); collection "interval". Chances are in percent.

    Examples
    --------
    >>> from servqual.factor_size import size_for_factors
    >>> from servqual.plots import new_axes
    >>> size = size_for_factors([4, 4], loading=0.7, replicates=100, seed=1)
    >>> [line.get_label() for line in draw_factor_size(size, new_axes()).lines]
    ['target', 'smoothed', 'simulated', 'chosen']
    """

    def texts(language: str) -> tuple[str, dict[str, str], str]:
        shown = result if language == result.language else result.in_language("en")
        words = _filled(language, level=f"{100 * result.goal.level:g}%", n=f"{result.n:,}")
        return shown.title(), words, shown.note()

    title, words, caption = texts(result.language)
    fonts = fonts_for([title, caption, *words.values()])
    if fonts is None:
        (title, words, caption), fonts = texts("en"), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    points, left = _near(result), 36.0
    x = points["n"].to_numpy() * result.deff
    _draw_percent_axes(pen, np.append(x, result.n), words["chance"], words["n"], left)
    _draw_points(pen, result, points, x)
    key = {
        words["simulated"]: Line2D([], [], color=BLUE, marker="o", markersize=5, linewidth=1),
        words["smoothed"]: Line2D([], [], color=BLUE, linewidth=1.8),
        words["target"]: Line2D([], [], color=GREY, linewidth=1, linestyle="dashed"),
        words["chosen"]: Line2D([], [], color=VERMILION, marker="o", markersize=7, linestyle="none"),
    }
    top = pen.title(title, left, _RIGHT, pen.key(key, left, _RIGHT, 26.0))
    pen.fit(_HEIGHT, left, _RIGHT, top, pen.caption(caption, left, _RIGHT, _BELOW))
    return pen.ax


def _near(result: FactorSize) -> pd.DataFrame:
    """The simulated sizes about the chosen one; the search begins far away."""
    points, base = result.simulated, result.step("base")["n"]
    return points[(points["n"] > base / 3) & (points["n"] < 2 * base)]


def _draw_points(pen: Pen, result: FactorSize, points: pd.DataFrame, x: Array) -> None:
    ax = pen.ax
    curve = result.curve(sorted({*np.linspace(x.min(), x.max(), 60).round().astype(int).tolist(), result.n}))
    ax.axhline(100 * result.goal.target, color=GREY, linewidth=1, linestyle="dashed", label="target", zorder=1.4)
    ax.vlines(x, 100 * points["low"], 100 * points["high"], colors=BLUE, linewidth=1, label="interval", zorder=2)
    ax.plot(curve["n"], 100 * curve["power"], color=BLUE, linewidth=1.8, label="smoothed", zorder=2.5)
    ax.plot(x, 100 * points["chance"], "o", color=BLUE, markersize=5, label="simulated", zorder=3, clip_on=False)
    ax.plot([result.n], [100 * result.achieved], "o", color=VERMILION, markersize=7, label="chosen", zorder=4)


# --- shared ------------------------------------------------------------------------------------------------


def _draw_percent_axes(pen: Pen, x: Array, up: str, across: str, left: float) -> None:
    """Percent upwards, whole numbers across, thin lines across, the names of both axes."""
    ax, low, high = pen.ax, float(np.min(x)), float(np.max(x))
    pad = 0.02 * (high - low)
    ax.set(xlim=(low - pad, high + pad), ylim=(0, 100), axisbelow=True)
    ticks = [float(t) for t in MaxNLocator(7, integer=True, steps=_STEPS).tick_values(low, high) if low <= t <= high]
    ax.set_xticks(ticks, [f"{t:,.0f}" for t in ticks], **pen.look(8.5, GREY))
    ax.set_yticks(range(0, 101, 20), [str(k) for k in range(0, 101, 20)], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="y", color=PALE, linewidth=0.6, linestyle="-")
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set(visible=True, color=INK, linewidth=0.6)
    pen.write(up, 0, 1, -left, 12, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(across, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")


def _filled(language: str, **blanks: str) -> dict[str, str]:
    """The picture's words with their blanks filled in."""
    words = {key: say(text, language) for key, text in _WORDS.items()}
    for blank, filling in blanks.items():
        words = {key: text.replace("{" + blank + "}", filling) for key, text in words.items()}
    return words
