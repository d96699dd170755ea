"""A year of mystery visits as one sheet: inspectors down, months across, load as shade; beside it ways and shortest return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, luminance, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.visits import VisitPlan

Array = NDArray[Any]
_SHADE = LinearSegmentedColormap.from_list("load", ["#FFFFFF", "#CFE3F1", "#7DB4D8", BLUE])
_ROW, _LOW_ROW, _MANY, _BARS, _BREAK = 16.0, 10.5, 30, 54.0, 16.0  # points
_WORDS: Mapping[str, Text] = {
    "load": {"en": "visits in the month: the fuller the inspector's capacity, the darker", "zh": "当月访问次数：越接近该人员的访问能力颜色越深"},
    "full": {"en": "capacity used up", "zh": "能力用尽"},
    "visits": {"en": "visits", "zh": "访问"},
    "away": {"en": "away", "zh": "外区"},
    "return": {"en": "back after", "zh": "最短再访"},
    "days": {"en": "{n} d", "zh": "{n} 天"},
    "weeks": {"en": "by week", "zh": "每周次数"},
    "beneath": {
        "en": "Away: share of visits outside the home area. Back after: fewest days between two visits to the same store. "
        "Beneath: visits by week (most: {most}).",
        "zh": "外区：常驻区域以外访问的比例。最短再访：两次到访同一门店的最短间隔。下方：每周访问次数（最高 {most}）。",
    },
}  # fmt: skip


def draw_visits(result: VisitPlan, ax: Axes | None = None) -> Axes:
    """Inspectors by months: visits, shaded by the share of capacity; totals, ways and shortest return beside; weeks beneath.

    Parameters
    ----------
    result : VisitPlan, from :func:`survey_design.visits.plan_visits`
    ax : Axes, optional
        Axes to draw on; without them a new figure is made, as high as the inspectors need.

    Returns
    -------
    Axes
        Collections: "load" (a box per inspector and month, the share of capacity as array), "full" (those with none left,
        where there are such) and "weeks" (bars beneath). Inspectors are the y ticks, months the x ticks.

    Raises
    ------
    SpecError
        If the plan has no visits.

    Examples
    --------
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.visits import plan_visits
    >>> stores = pd.DataFrame({"store": ["S1", "S2"], "area": ["N", "S"]})
    >>> inspectors = pd.DataFrame({"inspector": list("ABCD"), "capacity": 1})
    >>> ax = draw_visits(plan_visits(stores, inspectors, start="2027-01", months=4, seed=1), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()], len(ax.collections[0].get_paths())
    (['A', 'B', 'C', 'D'], 16)
    """
    chart = _load_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _load_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    height = chart.row * len(chart.names) + _BREAK + _BARS
    left = max(pen.width(text) for text in (*chart.names, chart.words["weeks"])) + 10
    right = sum(_widths(pen, chart))
    _draw_loads(pen, chart, height, left)
    _draw_weeks(pen, chart, height, left)
    _draw_figures(pen, chart)
    key = {chart.words["load"]: Rectangle((0, 0), 1, 1, facecolor=_SHADE(0.6), edgecolor=PALE, lw=0.4)}
    if (chart.filled >= 1).any():
        key[chart.words["full"]] = Rectangle((0, 0), 1, 1, facecolor="white", edgecolor=VERMILION, lw=1.2)
    top = pen.title(chart.title, left, right, pen.key(key, left, right, 30))
    bottom = pen.caption(chart.words["beneath"], left, right, 14)
    pen.fit(height, left, right, top, bottom)
    return pen.ax


@dataclass(frozen=True, eq=False)
class _LoadChart:
    """The words and numbers of the picture: visits and share of capacity (i, m), weeks (w,) with their place, figures beside."""

    title: str
    names: tuple[str, ...]
    months: tuple[str, ...]
    visits: Array
    filled: Array
    weeks: Array
    figures: Mapping[str, tuple[str, ...]]
    words: Mapping[str, str]
    row: float

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, *self.names, *self.words.values())
        for head, cells in self.figures.items():
            yield from (head, *cells)


def _load_chart(result: VisitPlan) -> _LoadChart:
    frame, loads, language = result.frame, result.loads, result.language
    if frame.empty:
        raise SpecError("a picture of a plan needs visits; this plan has none.")
    names, months = list(dict.fromkeys(loads["inspector"])), list(dict.fromkeys(loads["month"]))
    visits, capacity = (loads[name].to_numpy(float).reshape(len(names), len(months)) for name in ("visits", "capacity"))
    day = frame["date"].to_numpy("datetime64[D]")
    first = np.datetime64(months[0], "M").astype("datetime64[D]")
    end = (np.datetime64(months[-1], "M") + 1).astype("datetime64[D]")
    weeks = np.bincount((day - first).astype(int) // 7, minlength=int(np.ceil((end - first).astype(int) / 7)))
    words = {key: say(text, language) for key, text in _WORDS.items()}
    words["beneath"] = words["beneath"].format(most=f"{weeks.max():,}")
    by_who = frame.groupby("inspector")["away"].mean()
    figures = {
        words["visits"]: tuple(f"{n:,.0f}" for n in visits.sum(axis=1)),
        words["away"]: tuple(f"{100 * by_who[name]:.0f}%" if name in by_who else "–" for name in names),
        words["return"]: tuple(words["days"].format(n=n) if n else "–" for n in _shortest(frame, names)),
    }  # fmt: skip
    return _LoadChart(
        title=result.title(), names=tuple(result.value_words("inspector", name) for name in names), months=tuple(months), visits=visits,
        filled=np.divide(visits, capacity, out=np.zeros_like(visits), where=capacity > 0), weeks=weeks, figures=figures, words=words,
        row=_LOW_ROW if len(names) > _MANY else _ROW,
    )  # fmt: skip


def _shortest(frame: pd.DataFrame, names: list[str]) -> list[int]:
    """Fewest days between two visits of an inspector to the same store; 0 where there are no two."""
    dated = frame.assign(day=pd.to_datetime(frame["date"])).sort_values("day")
    apart = dated.groupby(["inspector", "store"])["day"].diff().dt.days
    least = apart.groupby(dated["inspector"]).min()
    return [int(least[name]) if name in least and np.isfinite(least[name]) else 0 for name in names]


def _draw_loads(pen: Pen, chart: _LoadChart, height: float, left: float) -> None:
    ax, row, (n, m) = pen.ax, chart.row, chart.visits.shape
    ax.set(xlim=(0, m), ylim=(height, 0))
    boxes = [Rectangle((x, y * row + 0.7), 1, row - 1.4) for y in range(n) for x in range(m)]
    shaded = PatchCollection(boxes, cmap=_SHADE, edgecolors=PALE, linewidths=0.3, label="load", zorder=1)
    shaded.set_array(chart.filled.ravel())
    shaded.set_clim(0, 1)
    ax.add_collection(shaded)
    full = [box for box, share in zip(boxes, chart.filled.ravel(), strict=True) if share >= 1]
    if full:
        framed = [Rectangle((box.get_x() + 0.03, box.get_y()), 0.94, box.get_height()) for box in full]
        ax.add_collection(
            PatchCollection(framed, facecolors="none", edgecolors=VERMILION, linewidths=1.0, label="full", zorder=3)
        )
    size = 7.5 if row > _LOW_ROW else 6.5
    for (y, x), count in np.ndenumerate(chart.visits):
        if count:
            ink = "white" if luminance(_SHADE(chart.filled[y, x])) < 0.19 else INK
            ax.text(
                x + 0.5,
                (y + 0.5) * row,
                f"{count:.0f}",
                ha="center",
                va="center_baseline",
                zorder=4,
                **pen.look(size, ink),
            )
    ax.set_yticks(
        [(k + 0.5) * row for k in range(n)], chart.names, ha="left", **pen.look(8.5 if row > _LOW_ROW else 7.0, INK)
    )
    step = int(np.ceil(m / 14))
    ax.set_xticks(np.arange(0, m, step) + 0.5, chart.months[::step], **pen.look(7.5, GREY))
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", labeltop=True, labelbottom=False, pad=3)
    ax.tick_params(axis="y", pad=left)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _draw_weeks(pen: Pen, chart: _LoadChart, height: float, left: float) -> None:
    """Visits by week, standing on the lower edge; months are taken as equally wide."""
    wide = len(chart.months) / len(chart.weeks)
    tall = _BARS * chart.weeks / chart.weeks.max()
    bars = [Rectangle(((k + 0.1) * wide, height - h), 0.8 * wide, h) for k, h in enumerate(tall)]
    pen.ax.add_collection(
        PatchCollection(bars, facecolors=BLUE, edgecolors="none", alpha=0.55, label="weeks", zorder=2)
    )
    pen.ax.plot([0, len(chart.months)], [height, height], color=PALE, lw=0.8, zorder=1, clip_on=False)
    pen.write(chart.words["weeks"], 0, height - 6, -left, size=8.5, color=GREY)


def _widths(pen: Pen, chart: _LoadChart) -> list[float]:
    return [12 + max(pen.width(text, 8.5) for text in (head, *cells)) for head, cells in chart.figures.items()]


def _draw_figures(pen: Pen, chart: _LoadChart) -> None:
    """Visits, ways and shortest return of every inspector, at the right."""
    edges = np.cumsum(_widths(pen, chart))
    for edge, (head, cells) in zip(edges, chart.figures.items(), strict=True):
        pen.write(head, 1, 0, float(edge), 8, size=8.0, color=GREY, ha="right")
        for k, cell in enumerate(cells):
            pen.write(
                cell, 1, (k + 0.5) * chart.row, float(edge), size=8.5 if chart.row > _LOW_ROW else 7.0, ha="right"
            )
