"""Which factor does each item speak of? Loadings as cells, of an exploratory or a confirmatory solution."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from servqual.plots.cells import CellChart, cell_figure, draw_cells
from servqual.plots.rows import Figures, joined
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import GREY, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.cfa import FactorModel
    from servqual.factors import FactorSolution

Array = NDArray[Any]

_WORDS: dict[str, Text] = {
    "loading": {"en": "loading", "zh": "载荷"},
    "standardised": {"en": "standardised loading", "zh": "标准化载荷"},
    "communality": {"en": "communality", "zh": "共同度"},
    "explained": {"en": "R²", "zh": "R²"},
    "cut": {"en": "Figures below {cut} are grey.", "zh": "小于 {cut} 的载荷以灰字显示。"},
    "red": {"en": "! improper: the item has no variance of its own.", "zh": "! 不当解：该题项没有独特方差。"},
    "empty": {"en": "No cell: the model has no such loading.", "zh": "空格：模型未设该载荷。"},
}  # fmt: skip


def draw_loadings(result: FactorSolution | FactorModel, ax: Axes | None = None) -> Axes:
    """Loadings as coloured cells: a row for each item, a column for each factor.

    Items stand under their dimension where all of them have one, else by the factor they load on most. A dimension that is a
    factor of its own shows as a dark block in one column and pale cells in the others. Of a confirmatory model the
    standardised loadings are drawn, and only those that the model has.

    Parameters
    ----------
    result : FactorSolution, from :func:`servqual.factors.explore_factors`, or FactorModel, from
        :func:`servqual.cfa.confirm_factors`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collection "cells": its array holds the loadings row by row.

    Examples
    --------
    >>> import numpy as np
    >>> from servqual.correlations import ItemMatrix
    >>> from servqual.factors import explore_factors
    >>> from servqual.plots import new_axes
    >>> r = np.kron(np.eye(2), np.full((3, 3), 0.5)) + np.eye(6) * 0.5
    >>> matrix = ItemMatrix.from_matrix(r, 300, dimensions=["care"] * 3 + ["speed"] * 3)
    >>> ax = draw_loadings(explore_factors(matrix, 2), new_axes())
    >>> len(ax.collections[0].get_array())
    12
    """
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    return draw_cells(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


def _chart(result: Any) -> CellChart:
    return _explored(result) if hasattr(result, "pattern") else _confirmed(result)


def _explored(result: FactorSolution) -> CellChart:
    pattern, matrix, language = result.pattern, result.matrix, result.language
    order, blocks = _by_dimension(matrix.dimensions, pattern.display_order())
    loadings, unique = pattern.loadings[order], result.frame["reason"].to_numpy()[order] == "heywood"
    words = {key: say(text, language).replace("{cut}", f"{result.cut:g}") for key, text in _WORDS.items()}
    cells = [
        cell_figure(value) + " !" * int(bad) for value, bad in zip(pattern.communalities[order], unique, strict=True)
    ]
    said = [words["cut"], words["red"] if unique.any() else "", result.how()]
    return CellChart(
        title=result.title(), labels=tuple(say(matrix.labels[j], language) for j in order),
        blocks=tuple(say(matrix.dimension_labels.get(name, name), language) for name in blocks),
        headings=tuple(say(matrix.dimension_labels.get(name, name), language) for name in pattern.factors),
        column_blocks=("",) * len(pattern.factors), values=loadings, written=np.ones_like(loadings, dtype=bool),
        faint=np.abs(loadings) < result.cut, unit=words["loading"], caption=joined(said, language),
        figures=(Figures(words["communality"], cells, _inks(unique)),),
    )  # fmt: skip


def _confirmed(result: FactorModel) -> CellChart:
    table, matrix, language, names = result.solution.table, result.matrix, result.language, result.words
    lines = table.of_kind("loading")
    there = np.zeros(result.standard.loadings.shape, dtype=bool)
    there[table.row[lines], table.column[lines]] = True
    columns = np.flatnonzero(there.any(axis=0))  # a second-order factor has no items
    order, blocks = _by_dimension(tuple(matrix.dimensions), np.argsort(there.argmax(axis=1), kind="stable"))
    explained = result.standard.explained[order]
    unique, words = explained > 1, {key: say(text, language) for key, text in _WORDS.items()}
    cells = [cell_figure(value) + " !" * int(bad) for value, bad in zip(explained, unique, strict=True)]
    values = np.where(there, result.standard.loadings, np.nan)[order][:, columns]
    said = [words["empty"], words["red"] if unique.any() else "", result.note()]
    return CellChart(
        title=result.title(), labels=tuple(say(names.get(table.items[j], table.items[j]), language) for j in order),
        blocks=tuple(say(names.get(name, name), language) for name in blocks),
        headings=tuple(say(names.get(table.factors[k], table.factors[k]), language) for k in columns),
        column_blocks=("",) * len(columns), values=values, written=np.isfinite(values), faint=np.zeros_like(values, dtype=bool),
        unit=words["standardised"], caption=joined(said, language), figures=(Figures(words["explained"], cells, _inks(unique)),),
    )  # fmt: skip


def _by_dimension(dimensions: tuple[str, ...], otherwise: Array) -> tuple[list[int], tuple[str, ...]]:
    """Items in the instrument's order with their dimensions as headings, or in another order without.

    >>> _by_dimension(("a", "a", "b"), np.array([2, 0, 1])), _by_dimension(("a", "", "b"), np.array([2, 0, 1]))
    (([0, 1, 2], ('a', 'a', 'b')), ([2, 0, 1], ('', '', '')))
    """
    runs = [name for name, _ in groupby(dimensions)]
    if all(dimensions) and len(runs) == len(set(runs)):
        return list(range(len(dimensions))), tuple(dimensions)
    return [int(j) for j in otherwise], ("",) * len(dimensions)


def _inks(improper: Array) -> list[str]:
    return [VERMILION if bad else GREY for bad in improper]
