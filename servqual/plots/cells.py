"""A table of numbers as coloured cells: orange below the middle, blue above, white at it, each with its figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from servqual.plots.heatmap import DIVERGING
from servqual.plots.rows import Figures, Rows
from survey_design.plots.fonts import LATIN
from survey_design.plots.sheet import GREY, INK, Pen, luminance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_CELL, _FEW_CELL, _APART = 17.0, 24.0, 0.3  # height of a row, of one of few rows; blocks of columns stand apart
_SIZES = (8.5, 7.5, 6.5, 5.5, 4.8)


def cell_figure(value: float) -> str:
    """A number of the table as papers print it: two decimals, no leading zero.

    >>> cell_figure(0.456), cell_figure(-0.3), cell_figure(-0.001), cell_figure(1.02), cell_figure(float("nan"))
    ('.46', '−.30', '.00', '1.02', '–')
    """
    if not np.isfinite(value):
        return "–"
    shown = f"{abs(value):.2f}"
    shown = shown[1:] if shown.startswith("0") else shown
    return "−" + shown if round(value, 2) < 0 else shown


@dataclass(frozen=True, eq=False)
class CellChart:
    """The words and numbers of a table of cells.

    Attributes
    ----------
    labels, blocks : of the rows: what each is called, and the heading it stands under ("" for none)
    headings, column_blocks : of the columns: what each is called; where the block changes, a gap
    values : (rows, columns), nan where there is no cell
    written, faint : (rows, columns) True where a cell has its figure, and where that is pale
    figures : columns of figures beside the rows
    unit : what the colours mean
    ends, middle : the values with the strongest colours, and the one that is white; −1, 1 and 0 for correlations
    figure : how a value is written
    """

    title: str
    labels: tuple[str, ...]
    blocks: tuple[str, ...]
    headings: tuple[str, ...]
    column_blocks: tuple[str, ...]
    values: Array
    written: Array
    faint: Array
    figures: tuple[Figures, ...]
    unit: str
    caption: str
    ends: tuple[float, float] = (-1.0, 1.0)
    middle: float = 0.0
    figure: Callable[[float], str] = cell_figure

    @property
    def norm(self) -> Normalize:
        """From a value to its place among the colours."""
        return TwoSlopeNorm(self.middle, *self.ends)

    @property
    def lefts(self) -> Array:
        """(columns,) left edge of every column, in cells."""
        changes = [one != before for before, one in zip(self.column_blocks, self.column_blocks[1:], strict=False)]
        return np.arange(len(self.headings)) + _APART * np.append(0, np.cumsum(changes))

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, self.unit, *self.labels, *self.blocks, *self.headings)
        yield from (figure.heading for figure in self.figures)


def draw_cells(pen: Pen, chart: CellChart) -> Axes:
    """The table with its labels, figures, colour key, title and caption."""
    usual = _FEW_CELL if len(chart.labels) <= 8 else _CELL
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels), usual)
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, chart.figures)
    share = pen.axes_width(left, right) / (chart.lefts[-1] + 1)
    pen.ax.set(xlim=(0, chart.lefts[-1] + 1), ylim=(rows.height, 0))
    pen.ax.tick_params(axis="both", length=0)
    pen.ax.grid(False)
    pen.ax.spines[:].set_visible(False)
    _draw_boxes(pen, chart, rows, usual)
    _write_figures(pen, chart, rows, share - 2)
    base = _draw_headings(pen, chart, share) + 14
    top = pen.title(chart.title, left, right, _draw_key(pen, chart, base, left) + 12)
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, 12.0))
    return pen.ax


def _draw_boxes(pen: Pen, chart: CellChart, rows: Rows, usual: float) -> None:
    """Cells as high as their rows, without gaps within a block."""
    heights = [max(usual, 4 + 11.0 * len(label.split("\n"))) for label in rows.labels]
    there = np.isfinite(chart.values)
    boxes = [Rectangle((x, y - height / 2), 1, height)
             for y, height, row in zip(rows.places, heights, there, strict=True)
             for x, drawn in zip(chart.lefts, row, strict=True) if drawn]  # fmt: skip
    colored = PatchCollection(
        boxes, cmap=DIVERGING, norm=chart.norm, label="cells", zorder=2, edgecolors="white", linewidths=1.0
    )
    colored.set_array(chart.values[there])
    pen.ax.add_collection(colored)


def _write_figures(pen: Pen, chart: CellChart, rows: Rows, room: float) -> None:
    """The figures, as large as fits; none where even the smallest would not."""
    latin = replace(pen, fonts=LATIN)
    shown = {chart.figure(value) for value in chart.values[chart.written]}
    size = next((size for size in _SIZES if max((latin.width(text, size) for text in shown), default=0) <= room), None)
    if size is None:
        return
    fills = DIVERGING(chart.norm(np.nan_to_num(chart.values, nan=chart.middle)))
    for row, column in zip(*np.nonzero(chart.written), strict=True):
        dark = luminance(fills[row, column]) < 0.19
        ink = "white" if dark else GREY if chart.faint[row, column] else INK
        text = chart.figure(chart.values[row, column])
        pen.ax.text(chart.lefts[column] + 0.5, rows.places[row], text, ha="center", va="center_baseline", family=LATIN,
                    size=size, color=ink)  # fmt: skip


def _draw_headings(pen: Pen, chart: CellChart, share: float) -> float:
    """Column headings above, upright if they don't fit; the height they take."""
    for size in (8.5, 7.5):
        wrapped = [pen.wrapped(label, share - 4, size) for label in chart.headings]
        turned = max(pen.width(label, size) for label in wrapped) > share - 1
        if not turned:
            break
    if turned:
        wrapped = list(chart.headings)
    look = pen.look(size, INK)
    pen.ax.set_xticks(chart.lefts + 0.5, wrapped, rotation=90 if turned else 0, va="bottom", linespacing=1.1, **look)
    pen.ax.tick_params(axis="x", labeltop=True, labelbottom=False, pad=4)
    tallest = max(len(label.split("\n")) for label in wrapped)
    return max(pen.width(label, size) for label in wrapped) + 4 if turned else 11.0 * tallest + 4


def _draw_key(pen: Pen, chart: CellChart, base: float, left: float) -> float:
    """The colours from end to end, ``base`` points above the axes; the top of it."""
    bounds = [chart.ends[0], chart.middle, chart.ends[1]]
    steps, step = np.linspace(0, 1, 31), 4.0
    strip: Sequence[Rectangle] = [Rectangle((-left + k * step, base), step, 8) for k in range(len(steps))]
    colors = DIVERGING(steps)
    pen.ax.add_collection(PatchCollection(strip, facecolors=colors, edgecolors=colors, linewidths=0.3, clip_on=False,
                                          transform=pen.points(0, 1), label="key"), autolim=False)  # fmt: skip
    end = step * len(steps)
    for value, place, ha in zip(bounds, (0.0, end / 2, end), ("left", "center", "right"), strict=True):
        pen.write(
            f"{value:.3g}".replace("-", "−"),
            0,
            1,
            -left + place,
            base - 7,
            to="axes fraction",
            size=7.5,
            color=GREY,
            ha=ha,
        )
    pen.write(chart.unit, 0, 1, -left + end + 8, base + 4, to="axes fraction", size=8.5)
    return base + 10
