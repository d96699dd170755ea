"""Three angles in one picture: what is expected of every store, what inspectors see, what customers perceive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.angles import ThreeAngles

_WORDS: Mapping[str, Text] = {
    "expected": {"en": "expected", "zh": "期望"},
    "delivered": {"en": "delivered (inspection)", "zh": "提供（检查）"},
    "perceived": {"en": "perceived (customers)", "zh": "感知（顾客）"},
    "interval": {"en": "{level} CI", "zh": "{level} 置信区间"},
    "E": {"en": "E", "zh": "期望"},
    "D": {"en": "D", "zh": "提供"},
    "P": {"en": "P", "zh": "感知"},
    "order": {"en": "Within a group the widest shortfall of perceived against expected stands first.",
              "zh": "各组内按感知低于期望的程度排序，差距最大者在前。"},
    "scale": {"en": "0 to 100: ratings are rescaled, an inspection's score is a share of points; only side by side, not the same ruler.",
              "zh": "0–100 分：评分经换算，检查得分为得分占满分的比例；仅供并列阅读，并非同一把尺。"},
}  # fmt: skip


def draw_angles(result: ThreeAngles, ax: Axes | None = None) -> Axes:
    """Every store in a row: an upright stroke where expectations stand, a diamond for the inspection, a dot for customers.

    Stores stand under their group, the widest shortfall of perceived against expected first. The intervals are bands behind
    the marks; expectations, which many stores share, have theirs in the table only.

    Parameters
    ----------
    result : ThreeAngles, from :func:`servqual.angles.three_angles`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections "expected", "delivered", "perceived" and the two bands "delivered interval", "perceived interval".
    """
    if result.frame.empty:
        raise SpecError("a picture of three angles needs stores with all three.")
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels), 20.0)
    ticks = [float(x) for x in MaxNLocator(7).tick_values(*chart.ends) if chart.ends[0] <= x <= chart.ends[1]]
    pen.ax.set(xlim=chart.ends)
    draw_grid(pen, ticks, [f"{tick:g}" for tick in ticks], rows.height)
    _draw_marks(pen, chart, rows.places)
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(chart.words[key], cells) for key, cells in chart.figures])
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    pen.fit(rows.height, left, right, top, draw_foot(pen, ("", ""), chart.caption, left, right))
    return pen.ax


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture; ``values`` has (k, 3) value, low, high of each angle."""

    title: str
    labels: tuple[str, ...]
    blocks: tuple[str, ...]
    values: Mapping[str, Any]
    figures: tuple[tuple[str, Sequence[str]], ...]
    words: Mapping[str, str]
    ends: tuple[float, float]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.blocks, *self.words.values())


def _chart(result: ThreeAngles) -> _Chart:
    language = result.language
    words = {key: say(text, language).replace("{level}", f"{100 * result.level:g}%") for key, text in _WORDS.items()}
    frame = _ordered(result)
    values = {
        name: frame[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)
        for name in ("expected", "delivered", "perceived")
    }
    every = np.concatenate([each.ravel() for each in values.values()])
    low, high = max(0.0, float(np.nanmin(every)) - 2), min(100.0, float(np.nanmax(every)) + 2)
    blocks = (
        [result.by_columns[1].show(value, language) for value in frame[result.within]]
        if result.within
        else [""] * len(frame)
    )
    figures = tuple(
        (key, [f"{value:.0f}" for value in values[name][:, 0]])
        for key, name in (("E", "expected"), ("D", "delivered"), ("P", "perceived"))
    )
    labels = tuple(result.by_columns[0].show(value, language) for value in frame[result.by])
    return _Chart(result.title(), labels, tuple(blocks), values, figures, words, (low, high),
                  joined([words["order"] if result.within else "", words["scale"], result.sentence()], language))  # fmt: skip


def _ordered(result: ThreeAngles) -> pd.DataFrame:
    """Stores under their groups, the groups as they come, in each the widest shortfall first."""
    frame = result.frame
    if not result.within:
        return frame.sort_values("perceived_expected", kind="stable")
    mean = frame.groupby(result.within)["perceived_expected"].transform("mean")
    return frame.assign(_group=mean).sort_values(["_group", result.within, "perceived_expected"], kind="stable")


def _draw_marks(pen: Pen, chart: _Chart, places: Sequence[float]) -> None:
    ax, up = pen.ax, np.asarray(places)
    for name, color, shift in (("delivered", GREEN, -3.2), ("perceived", BLUE, 3.2)):
        value, low, high = chart.values[name].T
        first, last = (np.clip(bound, *chart.ends) for bound in (low, high))
        ax.hlines(up + shift, first, last, colors=color, alpha=0.35, linewidth=4, label=f"{name} interval", zorder=2)
        marker = "D" if name == "delivered" else "o"
        ax.scatter(
            value,
            up + shift,
            marker=marker,
            s=22 if marker == "D" else 28,
            c=color,
            label=name,
            zorder=4,
            clip_on=False,
        )
    ax.scatter(chart.values["expected"][:, 0], up, marker="|", s=190, linewidths=2.2, c=INK, label="expected", zorder=3,
               clip_on=False)  # fmt: skip


def _key(chart: _Chart) -> dict[str, Line2D]:
    mark: dict[str, Any] = {"linestyle": "", "markersize": 6}
    return {
        chart.words["expected"]: Line2D(
            [], [], color=INK, marker="|", markersize=13, markeredgewidth=2.2, linestyle=""
        ),
        chart.words["delivered"]: Line2D([], [], color=GREEN, marker="D", **mark),
        chart.words["perceived"]: Line2D([], [], color=BLUE, marker="o", **mark),
        chart.words["interval"]: Line2D([], [], color=GREY, alpha=0.4, linewidth=4, solid_capstyle="butt"),
    }
