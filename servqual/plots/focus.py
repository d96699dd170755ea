"""Pictures of focus groups: how many brought a theme up, by segment; how many themes each further session brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
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

    from servqual.focus.mentions import Themes
    from servqual.focus.unheard import Saturation

Array = NDArray[Any]

_MARKS = (("o", BLUE), ("s", VERMILION), ("D", GREEN), ("^", "#B8860B"))
_HEIGHT, _BELOW, _LEFT, _RIGHT = 240.0, 42.0, 36.0, 26.0

_WORDS: Mapping[str, Text] = {
    "all": {"en": "all", "zh": "全部"},
    "interval": {"en": "{group}, {level} interval", "zh": "{group}，{level} 区间"},
    "speakers": {"en": "percent of speakers", "zh": "发言人占比，%"},
    "statements": {"en": "percent of statements", "zh": "语句占比，%"},
    "most": {"en": "The {most} themes that were brought up most, of {all}.", "zh": "仅列提及最多的 {most} 个主题（共 {all} 个）。"},
    "themes": {"en": "themes heard", "zh": "听到的主题数"},
    "sessions": {"en": "sessions", "zh": "场次数"},
    "mean": {"en": "mean of all orders", "zh": "各种顺序的均值"},
    "band": {"en": "middle {level} of orders", "zh": "中间 {level} 的顺序"},
    "held": {"en": "in the order held", "zh": "实际顺序"},
    "chao": {"en": "themes in all, estimated (Chao2)", "zh": "主题总数估计（Chao2）"},
    "chao interval": {"en": "its {level} interval", "zh": "其 {level} 区间"},
}  # fmt: skip


# --- shares ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Shares:
    """The words and numbers of the picture of themes; shares in percent, (themes, groups)."""

    title: str
    labels: tuple[str, ...]
    blocks: tuple[str, ...]
    groups: tuple[str, ...]
    share: Array
    low: Array
    high: Array
    counts: tuple[tuple[str, ...], ...]
    unit: str
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, self.unit, *self.labels, *self.blocks, *self.groups, *self.words.values())


def draw_theme_shares(table: Themes, ax: Axes | None = None, *, most: int = 15) -> Axes:
    """Shares of speakers (or statements) by theme and group, each with its interval, the themes brought up most on top.

    Parameters
    ----------
    table : Themes, split by no column or by one with four groups at most
    most : themes shown

    Returns
    -------
    Axes
        Collections "interval <k>" and "share <k>" for each group in order; rows are themes from top to bottom.

    Raises
    ------
    SpecError
        If the table is split by more than one column or into more than four groups, or no theme was heard.

    Examples
    --------
    >>> from servqual.focus import read_statements, themes
    >>> from servqual.plots import new_axes
    >>> found = themes(read_statements("data/sample/statements.csv"), by="segment", of="dimension")
    >>> len(draw_theme_shares(found, new_axes()).get_yticklabels())
    7
    """
    groups = table.frame[list(table.by)].drop_duplicates() if table.by else [()]
    if len(table.by) > 1 or len(groups) > len(_MARKS) or not table.frame["statements"].any():
        raise SpecError(
            f"a picture of themes needs themes that were heard, and one column with {len(_MARKS)} groups at most; this table has "
            f"{len(table.by)} split columns and {len(groups)} groups."
        )
    chart = _shares(table, most)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _shares(table.in_language("en"), most), LATIN
    return _draw_shares(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


def _shares(table: Themes, most: int) -> _Shares:
    frame, language, by = table.frame, table.language, list(table.by)
    heard = frame.groupby("theme", sort=False)[["speakers", "statements"]].sum()
    heard = heard[heard["statements"] > 0].sort_values(["speakers", "statements"], ascending=False, kind="stable")
    names = list(heard.index[:most])
    labels = list(dict.fromkeys(map(tuple, frame[by].to_numpy().tolist()))) if by else [()]
    parts = [frame if not by else frame[frame[by[0]] == label[0]] for label in labels]
    numbers = {name: np.column_stack([100 * part.set_index("theme").loc[names, name].to_numpy(float) for part in parts])
               for name in ("share", "low", "high")}  # fmt: skip
    counts = tuple(
        tuple(f"{k} / {n}" for k, n in part.set_index("theme").loc[names, [table.base, "n"]].to_numpy().tolist())
        for part in parts
    )
    words = {key: say(text, language).replace("{level}", f"{100 * table.level:g}%") for key, text in _WORDS.items()}
    told = table.statements.code_frame.words()
    more = words["most"].replace("{most}", str(len(names))).replace("{all}", str(len(heard)))
    parts_of_caption = [more if len(heard) > len(names) else "", table.note()]
    return _Shares(
        title=table.title(), labels=tuple(say(told[str(name)], language) for name in names), blocks=("",) * len(names),
        groups=tuple(table.group(label) if by else words["all"] for label in labels), **numbers, counts=counts,
        unit=words[table.base], words=words, caption=("" if language == "zh" else " ").join(filter(None, parts_of_caption)),
    )  # fmt: skip


def _draw_shares(pen: Pen, chart: _Shares) -> Axes:
    k = len(chart.groups)
    usual = 17.0 if k == 1 else 11.0 * k + 5
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels), usual)
    left = rows.draw_labels(pen)
    reach = float(min(100, 10 * np.ceil(np.nanmax(np.append(chart.high, chart.share)) / 10)))
    pen.ax.set(xlim=(0, reach))
    ticks = list(range(0, int(reach) + 1, 10 if reach <= 60 else 20))
    draw_grid(pen, ticks, [str(t) for t in ticks], rows.height)
    figures, key = [], {}
    for j, (shape, color) in zip(range(k), _MARKS, strict=False):
        places = np.array(rows.places) + 11.0 * (j - (k - 1) / 2)
        pen.ax.hlines(
            places, chart.low[:, j], chart.high[:, j], colors=color, linewidth=1.5, label=f"interval {j}", zorder=2.5
        )
        pen.ax.scatter(
            chart.share[:, j], places, s=26, color=color, marker=shape, label=f"share {j}", zorder=3, clip_on=False
        )
        named = chart.words["interval"].replace("{group}", chart.groups[j])
        key[named] = Line2D([], [], color=color, marker=shape, markersize=5, linewidth=1.5)
        figures.append(Figures(chart.groups[j], chart.counts[j], [color] * len(places)))
    right = rows.draw_figures(pen, figures)
    pen.write(chart.unit, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, _BELOW))
    return pen.ax


# --- saturation --------------------------------------------------------------------------------------------


def draw_saturation(result: Saturation, ax: Axes | None = None) -> Axes:
    """Themes heard after each session: the mean of all orders with its band, the order held, and the estimate of all themes.

    Returns
    -------
    Axes
        Lines "mean", "held" and, where it can be estimated, "chao"; collections "band" and "chao interval".

    Examples
    --------
    >>> from servqual.focus import read_statements, saturation
    >>> from servqual.plots import new_axes
    >>> found = saturation(read_statements("data/sample/statements.csv"))
    >>> [line.get_label() for line in draw_saturation(found, new_axes()).lines]
    ['chao', 'mean', 'held']
    """

    def texts(language: str) -> tuple[str, dict[str, str], str]:
        shown = result if language == result.language else result.in_language("en")
        words = {
            key: say(text, language).replace("{level}", f"{100 * result.level:g}%") for key, text in _WORDS.items()
        }
        return shown.title(), words, shown.note()

    title, words, caption = texts(result.language)
    fonts = fonts_for([title, caption, *words.values()])
    if fonts is None:
        (title, words, caption), fonts = texts("en"), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    key = _draw_curve(pen, result, words)
    top = pen.title(title, _LEFT, _RIGHT, pen.key(key, _LEFT, _RIGHT, 26.0))
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, pen.caption(caption, _LEFT, _RIGHT, _BELOW))
    return pen.ax


def _draw_curve(pen: Pen, result: Saturation, words: Mapping[str, str]) -> dict[str, Any]:
    """The curve, what stands about it, and its key."""
    ax, frame, found = pen.ax, result.frame, result.estimated
    k, m = frame["k"].to_numpy(float), len(frame)
    bounds = np.isfinite([found.total, found.low, found.high])
    highest = float(np.nanmax([result.heard, found.total, min(found.high, 1.6 * result.heard) if bounds[2] else 0]))
    key: dict[str, Any] = {}
    if bounds[0]:
        if bounds[1:].all():
            ax.axhspan(
                found.low,
                min(found.high, 1.08 * highest),
                color=PALE,
                alpha=0.5,
                linewidth=0,
                label="chao interval",
                zorder=1,
            )
            key[words["chao interval"]] = Patch(facecolor=PALE, alpha=0.5, linewidth=0)
        ax.axhline(found.total, color=GREY, linewidth=1, linestyle="dashed", label="chao", zorder=1.4)
        key[words["chao"]] = Line2D([], [], color=GREY, linewidth=1, linestyle="dashed")
    ax.fill_between(k, frame["low"], frame["high"], color=BLUE, alpha=0.15, linewidth=0, label="band", zorder=1.6)
    ax.plot(k, frame["mean"], color=BLUE, linewidth=1.8, label="mean", zorder=2.5)
    ax.plot(
        k,
        frame["heard"],
        color=VERMILION,
        marker="o",
        markersize=4.5,
        linewidth=1.2,
        label="held",
        zorder=3,
        clip_on=False,
    )
    _draw_axes(pen, m, 1.08 * highest, words)
    return {
        words["mean"]: Line2D([], [], color=BLUE, linewidth=1.8),
        words["band"]: Patch(facecolor=BLUE, alpha=0.15, linewidth=0),
        words["held"]: Line2D([], [], color=VERMILION, marker="o", markersize=4.5, linewidth=1.2),
        **dict(reversed(key.items())),
    }


def _draw_axes(pen: Pen, m: int, highest: float, words: Mapping[str, str]) -> None:
    """Sessions across, themes upwards, from 0."""
    ax = pen.ax
    ax.set(xlim=(0.7, m + 0.3), ylim=(0, highest), axisbelow=True)
    across = [t for t in MaxNLocator(12, integer=True).tick_values(1, m) if 1 <= t <= m]
    up = [t for t in MaxNLocator(6, integer=True).tick_values(0, highest) if 0 <= t <= highest]
    ax.set_xticks(across, [f"{t:.0f}" for t in across], **pen.look(8.5, GREY))
    ax.set_yticks(up, [f"{t:.0f}" for t in up], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="y", color=PALE, linewidth=0.6, linestyle="-")
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set(visible=True, color=INK, linewidth=0.6)
    pen.write(words["themes"], 0, 1, -_LEFT, 12, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(words["sessions"], 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
