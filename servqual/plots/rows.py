"""Where does each row of a picture stand? Labels at the left, figures at the right, remarks inside, words at the foot.

All lengths are points (1/72 inch); a row's place is its distance from the top of the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from matplotlib.transforms import blended_transform_factory

from survey_design.plots.sheet import GREY, INK, PALE, Pen
from survey_design.results import say

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from servqual.instruments import Instrument, Scale

_WIDE, _NARROW, _HEADING, _NOTE = 26.0, 17.0, 22.0, 10.0
_LABEL_WIDTH, _TALL = 150.0, 300.0


@dataclass(frozen=True)
class Figures:
    """A column of figures beside the rows; without ``colors`` it is grey, without ``strong`` it is plain."""

    heading: str
    cells: Sequence[str]
    colors: Sequence[str] = ()
    strong: Sequence[bool] = ()


@dataclass(frozen=True)
class Rows:
    """Rows below each other, some under a heading.

    Attributes
    ----------
    labels : what each row is called, with line breaks
    places : where each row stands
    headings : where each heading stands, and its words
    noted : True for rows with a remark below their mark
    height : how high all of it is
    """

    labels: tuple[str, ...]
    places: tuple[float, ...]
    headings: tuple[tuple[float, str], ...]
    noted: tuple[bool, ...]
    height: float

    @classmethod
    def stacked(
        cls, pen: Pen, labels: Sequence[str], blocks: Sequence[str], noted: Sequence[bool], usual: float = 0.0
    ) -> Rows:
        """Rows in the order given; a row whose block differs from the one before gets that as a heading."""
        wrapped = tuple(pen.wrapped(label, _LABEL_WIDTH) for label in labels)
        usual = usual or (_WIDE if len(labels) <= 8 else _NARROW)
        places: list[float] = []
        headings: list[tuple[float, str]] = []
        y, last = 4.0, ""
        for label, block, note in zip(wrapped, blocks, noted, strict=True):
            step = max(usual, 4 + 11.0 * len(label.split("\n")))
            if block and block != last:
                last = block
                headings.append((y + _HEADING / 2 + 3, block))
                y += _HEADING
            places.append(y + step / 2)
            y += step + (_NOTE if note else 0)
        return cls(wrapped, tuple(places), tuple(headings), tuple(noted), y + 4)

    def draw_labels(self, pen: Pen) -> float:
        """Row labels and headings at the left, all flush left; the width they take."""
        indent = 12.0 if self.headings else 0.0
        widths = [indent + pen.width(label) for label in self.labels]
        widths += [pen.width(text, 9.5, True) for _, text in self.headings]
        left = min(max(widths), indent + _LABEL_WIDTH) + 14
        pen.ax.set_yticks(self.places, self.labels, ha="left", linespacing=1.1, **pen.look(9.0, INK))
        pen.ax.tick_params(axis="y", pad=left - indent)
        for y, text in self.headings:
            pen.write(text, 0, y, -left, size=9.5, strong=True)
        return left

    def draw_remarks(self, pen: Pen, remarks: Sequence[str]) -> None:
        """The words inside the rows: below the marks, in their place where there are none."""
        paper = {"boxstyle": "square,pad=0.15", "facecolor": pen.ax.get_facecolor(), "edgecolor": "none"}
        for remark, noted, y in zip(remarks, self.noted, self.places, strict=True):
            if remark:
                pen.write(remark, 0, y, 4, -13 if noted else 0, size=7.5, color=GREY, bbox=paper, zorder=1.5)

    def draw_figures(self, pen: Pen, columns: Sequence[Figures], edge: float = 4.0) -> float:
        """Columns of figures at the right; the width they take."""
        for column in columns:
            strong = column.strong or (False,) * len(column.cells)
            inks = column.colors or (GREY,) * len(column.cells)
            edge += 12 + max(pen.width(column.heading, 8.5), *(pen.width(cell, strong=True) for cell in column.cells))
            pen.write(
                column.heading, 1, 1, edge, 5, to="axes fraction", size=8.5, color=GREY, ha="right", va="baseline"
            )
            for cell, ink, bold, y in zip(column.cells, inks, strong, self.places, strict=True):
                pen.write(cell, 1, y, edge, ha="right", color=ink, strong=bold)
        return edge


def second_axes(pen: Pen, gap: float, end: float) -> Axes:
    """Axes beside the first and as high, from ``gap`` to ``end`` points right of it."""
    place = blended_transform_factory(pen.points(1, 0), pen.ax.transAxes)
    return pen.ax.inset_axes((gap, 0, end - gap, 1), transform=place, facecolor="none")


def draw_scale(pen: Pen, scale: Scale, height: float) -> None:
    """The instrument's scale from left to right, the rows' places from top to bottom."""
    width = scale.high - scale.low
    step = next(step for step in range(1, width + 1) if width % step == 0 and width / step <= 12)
    ticks = range(scale.low, scale.high + 1, step)
    pen.ax.set(xlim=(scale.low, scale.high))
    draw_grid(pen, ticks, [str(k).replace("-", "−") for k in ticks], height)


def draw_grid(pen: Pen, ticks: Sequence[float], labels: Sequence[str], height: float) -> None:
    """Thin upright lines at the ticks, no frame; tall pictures have the numbers above, too."""
    ax = pen.ax
    ax.set(ylim=(height, 0), axisbelow=True)
    ax.set_xticks(ticks, labels, **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="x", color=PALE, linewidth=0.6, linestyle="-", clip_on=False)
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", labeltop=height > _TALL)
    ax.spines[:].set_visible(False)


def draw_foot(pen: Pen, ends: tuple[str, str], caption: str, left: float, right: float) -> float:
    """What the two ends of the axis mean, and the caption; the height they take."""
    lower = 11.0 if sum(pen.width(text, 8.0) for text in ends) + 8 > pen.axes_width(left, right) else 0.0
    for side, text in enumerate(ends):
        pen.write(
            text, side, 0, 0, -24 - side * lower, to="axes fraction", size=8.0, color=GREY, ha=("left", "right")[side]
        )
    return pen.caption(caption, left, right, 40.0 + lower if any(ends) else 26.0)


def labelled(table: Any, instrument: Instrument) -> list[tuple[dict[str, Any], str, str]]:
    """Every row of a table of measures with its heading and its label, in the instrument's order.

    Groups keep the order of the table; with groups each item or dimension is a heading and the groups are its rows.
    """
    words, language = table.words(), table.language
    order = list(dict.fromkeys([*instrument.words(), *table.frame[table.what]]))
    records = sorted(table.frame.to_dict("records"), key=lambda record: order.index(record[table.what]))
    blocks = dimension_blocks(instrument, table.what, [record[table.what] for record in records], language)
    found = []
    for record in records:
        label = say(words.get(record[table.what], str(record[table.what])), language)
        block = blocks.get(record[table.what], "")
        if table.by:
            label, block = group_label(table.by_columns, record, language), label
        found.append((record, block, label))
    return found


def group_label(columns: Sequence[Any], record: Any, language: str) -> str:
    """The values of the split columns in words."""
    named = [column.show(record[column.name], language) for column in columns]
    return ("、" if language == "zh" else ", ").join(named)


def dimension_blocks(instrument: Instrument, what: str, names: Sequence[str], language: str) -> dict[str, str]:
    """Label of every item's dimension, where the items of each dimension stand together."""
    home = {item.id: item.dimension for item in instrument.items}
    if what != "item" or not all(home[name] for name in names):
        return {}
    runs = [dimension for dimension, _ in groupby(names, home.__getitem__)]
    if len(runs) > len(set(runs)):
        return {}
    return {name: say(instrument.words()[home[name]], language) for name in names}


def span(numbers: Sequence[float] | pd.Series) -> str:
    """One count, or the least and the greatest of several.

    >>> span([1204, 1187, 1204]), span([12])
    ('1,187–1,204', '12')
    """
    return "–".join(f"{n:,.0f}" for n in sorted({min(numbers), max(numbers)}))


def joined(parts: Sequence[str], language: str) -> str:
    """Sentences of a caption one after the other; Chinese ones need no space between them."""
    return ("" if language == "zh" else " ").join(part for part in parts if part)
