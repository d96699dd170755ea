"""The heat map: the gap of every dimension in every store (or any group), the widest shortfall first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS
from servqual.plots.rows import Figures, Rows, joined, span
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, luminance, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.gaps import GapScores, GapTable

Array = NDArray[Any]

DIVERGING = LinearSegmentedColormap.from_list("servqual", [VERMILION, "#F2B48A", "#F7F7F5", "#93C3E0", BLUE])
_CELL, _FEW_CELL, _APART = 17.0, 24.0, 0.25  # height of a row, of one of few rows; the total stands apart
_PRINTS = ((2, 8.5), (2, 7.5), (2, 6.5), (1, 6.5), (1, 5.5))  # decimals and size of the figures, the best first

_WORDS: dict[str, Text] = {
    "total": {"en": "Overall", "zh": "总体"},
    "sum of n": {"en": "n, all", "zh": "样本量合计"},
    "unit": {"en": "gap (P − E), in points", "zh": "差距（P − E），单位为分"},
    "by total": {"en": "Sorted by the overall gap, the widest shortfall first.", "zh": "按总体差距排序，不足最大者在前。"},
    "by mean": {"en": "Sorted by the mean of the gaps shown, the widest shortfall first.",
                "zh": "按所示差距的均值排序，不足最大者在前。"},
    "n": {"en": "n: answers each row rests on, least to most of its cells.", "zh": "样本量：各行单元格所依据回答数的最小值至最大值。"},
    "open": {"en": "Pale italics: the {level} interval includes 0, or there is none; intervals cell by cell, not adjusted "
                   "for multiple comparisons.",
             "zh": "浅色斜体：{level} 区间包含 0 或无区间；区间逐格计算，未作多重比较校正。"},
    "few": {"en": "Hatched: n below {minimum}, not shown.", "zh": "斜线：样本量不足 {minimum}，不予显示。"},
}  # fmt: skip


def draw_heatmap(table: GapTable | GapScores, ax: Axes | None = None, minimum: int = 5) -> Axes:
    """Gaps of every dimension (or item) in every group as a coloured table, the widest shortfall first.

    Orange falls short of expectation, blue exceeds it, white is 0; the scale reaches equally far on both sides. Every
    cell has its gap in figures, pale and in italics where its interval includes 0. Cells that rest on fewer than
    ``minimum`` answers are hatched and say only that: neither their value nor their colour is shown, and they count
    neither for the order nor for the colour scale. The longer of the two sides, groups or items, goes downwards.

    Parameters
    ----------
    table : GapTable split by one column, or GapScores
        Of GapScores the dimensions are drawn, with the overall gap beside them, which then gives the order. A table
        alone is ordered by the mean of its cells.
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.
    minimum : least number of answers of a cell (of either form where two files were read)

    Returns
    -------
    Axes
        Collections: "cells" (its array holds the gaps, row by row) and "few" (the hatched ones).

    Raises
    ------
    SpecError
        If the table is not split by one column, or has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument, score_gaps
    >>> from servqual.plots import new_axes
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame(
    ...     {
    ...         "store": [*"AAAAABBBBB"],
    ...         **{column: [7, 6, 6, 7, 6] * 2 for column in instrument.columns("expectation").values()},
    ...         **{column: [6, 5, 6, 6, 6, 4, 3, 3, 5, 4] for column in instrument.columns("perception").values()},
    ...     }
    ... )
    >>> ax = draw_heatmap(score_gaps(Responses(data, instrument), by="store").dimensions, new_axes())
    >>> [label.get_text() for label in ax.get_xticklabels()]  # two stores, five dimensions: the stores go across
    ['B', 'A']
    """
    chart = _heat_chart(table, minimum)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _heat_chart(table.in_language("en"), minimum), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    usual = _FEW_CELL if len(chart.rows) <= 8 else _CELL
    rows = Rows.stacked(pen, chart.rows, [""] * len(chart.rows), [False] * len(chart.rows), usual)
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(chart.words["n heading"], chart.row_n)])
    width = pen.axes_width(left, right)
    edges = _edges(rows, chart.apart == "row")
    _draw_cells(pen, chart, edges, width)
    heading = _draw_headings(pen, chart, width)
    top = pen.title(chart.title, left, right, _draw_scale_key(pen, chart, heading + 20, left) + 12)
    bottom = pen.caption(chart.caption, left, right, _draw_bases(pen, chart, width, left) + 12)
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


@dataclass(frozen=True, eq=False)
class _HeatChart:
    """The words and numbers of a heat map.

    Attributes
    ----------
    rows, columns : labels
    gap, low, high, n : (rows, columns) numbers of the cells
    row_n, column_n : the bases in words
    apart : (row or column) that stands apart at the end, the total: "row", "column" or ""
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    gap: Array
    low: Array
    high: Array
    n: Array
    row_n: tuple[str, ...]
    column_n: tuple[str, ...]
    apart: str
    words: dict[str, str]
    caption: str
    minimum: int

    @property
    def few(self) -> Array:
        """Cells that rest on too few answers."""
        return self.n < self.minimum

    @property
    def reach(self) -> float:
        """How far the colours go on both sides of 0."""
        shown = np.abs(self.gap[~self.few])
        reach = float(np.nanmax(shown)) if np.isfinite(shown).any() else 0.0
        return max(np.ceil(reach * 10 - 1e-9) / 10, 0.1)

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.rows, *self.columns, *self.words.values())


def _heat_chart(table: GapTable | GapScores, minimum: int) -> _HeatChart:
    shown: Any = getattr(table, "dimensions", table)
    total: Any = getattr(table, "total", None)
    if len(shown.by) != 1 or shown.frame.empty:
        split = f"split by {', '.join(shown.by)}" if shown.by else "not split"
        raise SpecError(
            f"a heat map needs gaps split by one column; these are {split if len(shown.frame) else 'without rows'}. "
            "Use score_gaps(responses, by='store')."
        )
    grid = _grid(shown, None if total is None else total.frame[total.frame["total"] == "mean"], minimum)
    language, flat = shown.language, len(grid["gap"].columns) > len(grid["gap"])
    words = {key: say(text, language).replace("{level}", f"{100 * shown.level:g}%").replace("{minimum}", str(minimum))
             for key, text in _WORDS.items()}  # fmt: skip
    words["n heading"] = NUMBER_COLUMNS["n"].heading(language)
    group, names = shown.by_columns[0], {**shown.words(), "\0total": words["total"]}
    groups = tuple(group.show(value, language) for value in grid["gap"].index)
    things = tuple(say(names.get(name, str(name)), language) for name in grid["gap"].columns)
    arrays = {name: frame.to_numpy(float).T if flat else frame.to_numpy(float) for name, frame in grid.items()}
    few = bool((arrays["n"] < minimum).any())
    order = words["by mean" if total is None else "by total"]
    caption = joined([order, words["n"], words["open"], words["few"] if few else "", shown.caution], language)
    bases = [tuple(span(line.tolist()) for line in arrays["n"]), tuple(f"{n:,.0f}" for n in arrays["n"].sum(axis=0))]
    if flat:  # groups go across: the sum over all of them belongs to a row
        bases = [
            tuple(f"{n:,.0f}" for n in arrays["n"].sum(axis=1)),
            tuple(span(line.tolist()) for line in arrays["n"].T),
        ]
        caption = joined([order, words["open"], words["few"] if few else "", shown.caution], language)
        words["n heading"], words["sum of n"] = words["sum of n"], words["n heading"]
    apart = "" if total is None else "row" if flat else "column"
    rows, columns = (things, groups) if flat else (groups, things)
    return _HeatChart(shown.title(), rows, columns, **arrays, row_n=bases[0], column_n=bases[1], apart=apart, words=words,
                      caption=caption, minimum=minimum)  # fmt: skip


def _grid(table: GapTable, total: pd.DataFrame | None, minimum: int) -> dict[str, pd.DataFrame]:
    """(groups, measures) numbers, groups sorted by their total; the total is the last column where it is given."""
    by, frame = table.by[0], table.frame
    order = [name for name in dict.fromkeys([*table.words(), *frame[table.what]]) if (frame[table.what] == name).any()]
    frame = frame.rename(columns={table.what: "\0what"})
    if total is not None:
        frame, order = pd.concat([frame, total.assign(**{"\0what": "\0total"})]), [*order, "\0total"]
    if "n_expectation" in frame:
        frame = frame.assign(n=frame[["n", "n_expectation"]].min(axis=1))
    groups = list(dict.fromkeys(frame[by]))
    wide = {name: frame.pivot(index=by, columns="\0what", values=name).reindex(index=groups, columns=order)
            for name in ("gap", "low", "high", "n")}  # fmt: skip
    wide["n"] = wide["n"].fillna(0)
    shown = wide["gap"].where(wide["n"] >= minimum)
    key = shown.mean(axis=1) if total is None else shown["\0total"]
    chosen = key.sort_values(kind="stable", na_position="last").index
    return {name: each.loc[chosen] for name, each in wide.items()}


def _edges(rows: Rows, apart: bool) -> list[tuple[float, float]]:
    """Upper edge and height of every row's cells, without gaps between them unless the last stands apart."""
    middles = [(a + b) / 2 for a, b in pairwise(rows.places)]
    first = rows.places[0] - ((middles[0] - rows.places[0]) if middles else rows.height / 2 - 2)
    last = rows.places[-1] + ((rows.places[-1] - middles[-1]) if middles else rows.height / 2 - 2)
    bounds = [first, *middles, last]
    edges = [(a, b - a) for a, b in pairwise(bounds)]
    return [*edges[:-1], (edges[-1][0] + 4, edges[-1][1] - 4)] if apart else edges


def _lefts(chart: _HeatChart) -> list[float]:
    """Left edge of every column, in cells."""
    return [
        k + (_APART if chart.apart == "column" and k == len(chart.columns) - 1 else 0)
        for k in range(len(chart.columns))
    ]


def _draw_cells(pen: Pen, chart: _HeatChart, edges: Sequence[tuple[float, float]], width: float) -> None:
    ax, lefts = pen.ax, _lefts(chart)
    ax.set(xlim=(0, lefts[-1] + 1), ylim=(edges[-1][0] + edges[-1][1] + 2, edges[0][0] - 2))
    boxes = [Rectangle((x, y), 1, height) for y, height in edges for x in lefts]
    gap, few = chart.gap.ravel(), chart.few.ravel()
    filled = [box for box, hidden in zip(boxes, few, strict=True) if not hidden]
    norm = Normalize(-chart.reach, chart.reach)
    colored = PatchCollection(filled, cmap=DIVERGING, norm=norm, label="cells", zorder=2, edgecolors="white",
                              linewidths=1.2)  # fmt: skip
    colored.set_array(np.ma.masked_invalid(gap[~few]))
    ax.add_collection(colored)
    hatched = [box for box, hidden in zip(boxes, few, strict=True) if hidden]
    ax.add_collection(PatchCollection(hatched, facecolor="#F3F4F5", edgecolor=PALE, hatch="////", linewidth=0.0, label="few",
                                      zorder=2))  # fmt: skip
    share = width / (lefts[-1] + 1)
    decimals, size = _print(replace(pen, fonts=LATIN), chart, share - 4)
    fills = DIVERGING(norm(np.nan_to_num(chart.gap)))
    for (y, height), row in zip(edges, range(len(chart.rows)), strict=True):
        for column, x in enumerate(lefts):
            text, look = _cell(chart, row, column, decimals, bool(luminance(fills[row, column]) < 0.19))
            ax.text(x + 0.5, y + height / 2, text, ha="center", va="center_baseline", family=LATIN, size=size, **look)
    ax.tick_params(axis="both", length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _cell(chart: _HeatChart, row: int, column: int, decimals: int, dark: bool) -> tuple[str, dict[str, Any]]:
    """What stands in a cell, and how."""
    if chart.few[row, column]:
        return f"n<{chart.minimum}", {"color": GREY}
    clear = chart.low[row, column] > 0 or chart.high[row, column] < 0
    ink = "white" if dark else INK
    look = {"color": ink} if clear else {"color": ink, "alpha": 0.85 if dark else 0.66, "style": "italic"}
    return _figure(chart.gap[row, column], decimals), look


def _figure(gap: float, decimals: int) -> str:
    column = replace(NUMBER_COLUMNS["gap"], decimals=decimals)
    return column.show(gap, "en")


def _print(pen: Pen, chart: _HeatChart, room: float) -> tuple[int, float]:
    """Decimals and size of the figures that fit into a cell."""
    gaps, few = chart.gap[np.isfinite(chart.gap)], {f"n<{chart.minimum}"} if chart.few.any() else set()
    for decimals, size in _PRINTS:  # figures and signs are equally wide, so the longest text is the widest
        longest = max((_figure(gap, decimals) for gap in gaps), key=len, default="–")
        if max(pen.width(text, size) for text in {longest, *few}) <= room:
            break
    return decimals, size


def _draw_headings(pen: Pen, chart: _HeatChart, width: float) -> float:
    """Column headings above, upright if they don't fit; the height they take."""
    lefts = _lefts(chart)
    share, places = width / (lefts[-1] + 1), [x + 0.5 for x in lefts]
    size, wrapped = 8.5, [""]
    for size in (8.5, 7.5):
        wrapped = [pen.wrapped(label, share - 4, size) for label in chart.columns]
        turned = max(pen.width(label, size) for label in wrapped) > share - 2
        if not turned:
            break
    if turned:
        wrapped = [_in_lines(pen.wrapped(label, 110, size), max(1, int(share / 11))) for label in chart.columns]
    pen.ax.set_xticks(
        places, wrapped, rotation=90 if turned else 0, va="bottom", linespacing=1.1, **pen.look(size, INK)
    )
    pen.ax.tick_params(axis="x", labeltop=True, labelbottom=False, pad=4)
    tallest = max(len(label.split("\n")) for label in wrapped)
    return max(pen.width(label, size) for label in wrapped) + 4 if turned else 11.0 * tallest + 4


def _draw_bases(pen: Pen, chart: _HeatChart, width: float, left: float) -> float:
    """The bases of the columns below them, upright if they don't fit; the height they take."""
    cells = _lefts(chart)[-1] + 1
    wide = max(pen.width(n, 7.5) for n in chart.column_n)
    upright = wide > width / cells - 2
    look: dict[str, Any] = {"rotation": 90, "va": "top", "ha": "center"} if upright else {"ha": "center"}
    pen.write(chart.words["sum of n"], 0, 0, -left, -10, to="axes fraction", size=8.0, color=GREY)
    for x, n in zip(_lefts(chart), chart.column_n, strict=True):
        place = (x + 0.5) / cells
        pen.write(n, place, 0, 0, -4 if upright else -10, to="axes fraction", size=7.5, color=GREY, **look)
    return wide + 4 if upright else 14.0


def _in_lines(text: str, most: int) -> str:
    """A wrapped text in at most so many lines; what is left over stays on the last."""
    lines = text.split("\n")
    return "\n".join([*lines[: most - 1], " ".join(lines[most - 1 :])])


def _draw_scale_key(pen: Pen, chart: _HeatChart, base: float, left: float) -> float:
    """The colours with their ends, ``base`` points above the axes; the top of it."""
    steps, step = np.linspace(-chart.reach, chart.reach, 31), 4.0
    strip = [Rectangle((-left + k * step, base), step, 8) for k in range(len(steps))]
    colors = DIVERGING(Normalize(-chart.reach, chart.reach)(steps))
    pen.ax.add_collection(PatchCollection(strip, facecolors=colors, edgecolors=colors, linewidths=0.3, clip_on=False,
                                          transform=pen.points(0, 1), label="key"), autolim=False)  # fmt: skip
    end = step * len(steps)
    for value, place, ha in ((-chart.reach, 0.0, "left"), (0.0, end / 2, "center"), (chart.reach, end, "right")):
        text = _figure(value, 1).replace("0.0", "0") if value == 0 else _figure(value, 1)
        pen.write(text, 0, 1, -left + place, base - 7, to="axes fraction", size=7.5, color=GREY, ha=ha)
    pen.write(chart.words["unit"], 0, 1, -left + end + 8, base + 4, to="axes fraction", size=8.5)
    return base + 10
