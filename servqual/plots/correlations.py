"""Do items go with their own dimension? Every correlation of two items as a cell, items ordered by dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from servqual.plots.cells import CellChart, draw_cells
from servqual.plots.rows import joined
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.correlations import Correlations, ItemMatrix

_UNIT: Text = {"en": "correlation", "zh": "相关"}
_READ: Text = {
    "en": "Numbers across are those of the rows; figures below the diagonal, colours on both sides of it.",
    "zh": "列号与行号一致；数值列于对角线下方，颜色两侧相同。",
}


def draw_correlations(result: Correlations | ItemMatrix, ax: Axes | None = None) -> Axes:
    """Correlations of the items as coloured cells, items of one dimension together.

    Where the instrument's dimensions hold, the blocks along the diagonal are darker than the rest: an item goes with those
    of its own dimension more than with others. Items without a dimension stand last.

    Parameters
    ----------
    result : Correlations (of :meth:`servqual.correlations.ItemMatrix.table`) or the ItemMatrix itself
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collection "cells": its array holds the correlations row by row, without the diagonal.

    Examples
    --------
    >>> from servqual.correlations import ItemMatrix
    >>> from servqual.plots import new_axes
    >>> matrix = ItemMatrix.from_matrix([[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]], 200, ["a", "b", "c"])
    >>> [label.get_text() for label in draw_correlations(matrix.table(), new_axes()).get_yticklabels()]
    ['1  a', '2  b', '3  c']
    """
    source: Any = result
    matrix: ItemMatrix = getattr(source, "matrix", source)
    chart = _chart(matrix)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(matrix.in_language("en")), LATIN
    return draw_cells(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


def _chart(matrix: ItemMatrix) -> CellChart:
    rank = {name: place for place, name in enumerate((*matrix.dimension_ids, ""))}
    order = sorted(range(matrix.k), key=lambda j: rank[matrix.dimensions[j]])
    values = np.where(np.eye(matrix.k, dtype=bool), np.nan, matrix.correlation[np.ix_(order, order)])
    blocks = [matrix.dimensions[j] for j in order]
    named = tuple(say(matrix.dimension_labels.get(block, block), matrix.language) for block in blocks)
    labels = tuple(f"{at}  {say(matrix.labels[j], matrix.language)}" for at, j in enumerate(order, start=1))
    table = matrix.table()
    return CellChart(
        title=table.title(), labels=labels, blocks=named, headings=tuple(str(at + 1) for at in range(matrix.k)),
        column_blocks=named, values=values, written=np.tri(matrix.k, k=-1, dtype=bool),
        faint=np.zeros_like(values, dtype=bool), figures=(), unit=say(_UNIT, matrix.language),
        caption=joined([say(_READ, matrix.language), table.note()], matrix.language),
    )  # fmt: skip
