"""What does the model say? Factors, their items, and how factors go together, as a path diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patches import Ellipse, FancyArrowPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from servqual.plots.cells import cell_figure
from servqual.plots.rows import Figures, Rows, joined
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.cfa import FactorModel

Array = NDArray[Any]

_ITEM, _APART, _LEAST = 17.0, 12.0, 36.0  # points: height of an item, between factors, least height of a factor's items
_FIRST, _STEP = 20.0, 28.0  # how far the curves between neighbours reach, and each further one
_WORDS: dict[str, Text] = {
    "arrows": {"en": "Straight arrows: standardised loadings, thicker where larger.", "zh": "直线箭头：标准化载荷，越粗越大。"},
    "curves": {"en": "Curves: correlations of factors.", "zh": "弧线：因子相关。"},
    "residuals": {"en": "Curves at the right: correlations of residuals.", "zh": "右侧弧线：残差相关。"},
    "open": {"en": "Dashed: the {level} interval includes 0.", "zh": "虚线：{level} 区间包含 0。"},
    "negative": {"en": "Red: negative.", "zh": "红色：负值。"},
    "red": {"en": "Marked !: beyond what is possible, the solution is improper.", "zh": "标 ! 者超出可能取值，为不当解。"},
    "explained": {"en": "R²", "zh": "R²"},
}  # fmt: skip


def draw_path(result: FactorModel, ax: Axes | None = None) -> Axes:
    """The path diagram of a confirmatory model: factors as ellipses, items as boxes, loadings on arrows, correlations on curves.

    Items stand below each other under the factor they load on most, so that five factors with 22 items stay legible. Numbers
    are standardised. A second-order factor stands left of the factors, with its arrows in place of the curves; the loadings of a
    method factor are a column of figures. R² is the share of an item's variance that its factors explain.

    Parameters
    ----------
    result : FactorModel, from :func:`servqual.cfa.confirm_factors`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Patches: arrows labelled ``factor =~ item``, curves labelled ``factor ~~ factor``; each number is a text whose ``gid`` is
        that label. Lengths are points.

    Examples
    --------
    >>> import numpy as np
    >>> from servqual.cfa import confirm_factors
    >>> from servqual.correlations import ItemMatrix
    >>> from servqual.plots import new_axes
    >>> r = np.full((4, 4), 0.25) + np.eye(4) * 0.75
    >>> matrix = ItemMatrix.from_matrix(r, 300, dimensions=["care"] * 4)
    >>> {text.get_gid(): text.get_text() for text in draw_path(confirm_factors(matrix), new_axes()).texts}[
    ...     "care =~ item2"
    ... ]
    '.50'
    """
    chart = _path_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _path_chart(result.in_language("en")), LATIN
    return _draw(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


class Link(NamedTuple):
    """An arrow or a curve between two places: its number, whether its interval includes 0, whether it is possible at all."""

    start: int
    end: int
    value: float
    open: bool = False
    improper: bool = False


@dataclass(frozen=True, eq=False)
class _PathChart:
    """The words and numbers of the picture.

    Attributes
    ----------
    items, factors : (id, words) of the boxes from top to bottom and of the ellipses; ``general`` the second-order factor, or None
    home : (items,) place of the factor that each item stands with
    loadings, correlations, residuals : links between places: factor to item, factor to factor, item to item
    regressions : links from the second-order factor (0) to factors
    explained : (items,) R²; ``columns`` further figures: heading, and a number for each item
    """

    title: str
    items: tuple[tuple[str, str], ...]
    factors: tuple[tuple[str, str], ...]
    general: tuple[str, str] | None
    home: Array
    loadings: tuple[Link, ...]
    correlations: tuple[Link, ...]
    residuals: tuple[Link, ...]
    regressions: tuple[Link, ...]
    explained: Array
    columns: tuple[tuple[str, Array], ...]
    explained_heading: str
    caption: str

    def texts(self) -> list[str]:
        """Everything that will be written."""
        nodes = [*self.items, *self.factors, *([self.general] if self.general else [])]
        return [
            self.title,
            self.caption,
            self.explained_heading,
            *(words for _, words in nodes),
            *(head for head, _ in self.columns),
        ]


# --- what is drawn -----------------------------------------------------------------------------------------


def _path_chart(result: FactorModel) -> _PathChart:
    table, standard, words = result.solution.table, result.standard, result.words

    def named(name: str) -> tuple[str, str]:
        return name, say(words.get(name, name), result.language)

    own = [k for k, role in enumerate(table.roles) if not role]
    general = next((k for k, role in enumerate(table.roles) if role == "general"), None)
    methods = [k for k, role in enumerate(table.roles) if role == "method"]
    there = _places(table, "loading", standard.loadings.shape)
    size = np.where(there, np.abs(standard.loadings), -1.0)[:, own]
    order = np.argsort(size.argmax(axis=1), kind="stable")
    at = np.argsort(order)
    lines, beyond = _links(result, "loadings", there[:, own], own), standard.explained > 1
    loadings = tuple(
        Link(each.end, int(at[each.start]), each.value, each.open, bool(beyond[each.start])) for each in lines
    )
    regressions = () if general is None else tuple(
        each._replace(start=0, end=each.start) for each in
        _links(result, "regressions", _places(table, "regression", standard.regressions.shape)[np.ix_(own, [general])], [general], own)
    )  # fmt: skip
    pairs = _places(table, "factor", standard.factors.shape)
    pairs = np.triu((pairs | pairs.T)[np.ix_(own, own)], 1)
    curves = () if general is not None else tuple(_links(result, "factors", pairs, own, own))
    residuals = tuple(
        Link(int(at[a]), int(at[b]), value, improper=abs(value) > 1) for a, b, value in _residual_correlations(result)
    )
    columns = tuple(
        (named(table.factors[k])[1], np.where(there[order, k], standard.loadings[order, k], np.nan)) for k in methods
    )
    return _PathChart(
        title=result.title(), items=tuple(named(table.items[j]) for j in order), factors=tuple(named(table.factors[k]) for k in own),
        general=None if general is None else named(table.factors[general]), home=size.argmax(axis=1)[order], loadings=loadings,
        correlations=curves, residuals=residuals, regressions=regressions, explained=standard.explained[order], columns=columns,
        explained_heading=say(_WORDS["explained"], result.language),
        caption=_caption(result, (loadings, curves, regressions), bool(residuals), standard.explained),
    )  # fmt: skip


def _caption(result: FactorModel, links: tuple[tuple[Link, ...], ...], residuals: bool, explained: Array) -> str:
    every = [link for group in links for link in group]
    improper = any(link.improper for link in every) or bool((explained > 1).any())
    keys = ["arrows", *(["curves"] if links[1] else []), *(["residuals"] if residuals else []),
            *(["negative"] if any(link.value < 0 for link in every) else []),
            *(["open"] if any(link.open for link in every) else []), *(["red"] if improper else [])]  # fmt: skip
    said = [say(_WORDS[key], result.language).replace("{level}", f"{100 * result.level:g}%") for key in keys]
    return joined([*said, result.note()], result.language)


def _places(table: Any, kind: str, shape: tuple[int, ...]) -> Array:
    """Where the model has a number of this kind."""
    lines, there = table.of_kind(kind, 0), np.zeros(shape, dtype=bool)
    there[table.row[lines], table.column[lines]] = (table.free[lines] >= 0) | (table.value[lines] != 0)
    return there


def _links(
    result: FactorModel, what: str, there: Array, columns: Sequence[int], rows: Sequence[int] | None = None
) -> list[Link]:
    """One link for each number there is: its row and column, its value, and whether its interval includes 0."""
    from scipy.special import ndtri

    chosen = np.ix_(range(there.shape[0]) if rows is None else rows, columns)
    values = getattr(result.standard, what)[chosen]
    errors = result.standard.errors(result.covariance, what)[chosen]
    half = float(ndtri((1 + result.level) / 2)) * errors
    over = what != "loadings"  # of a loading it depends on the item's others
    return [Link(int(i), int(j), float(values[i, j]), bool(abs(values[i, j]) <= half[i, j]), over and abs(values[i, j]) > 1)
            for i, j in zip(*np.nonzero(there), strict=True)]  # fmt: skip


def _residual_correlations(result: FactorModel) -> list[tuple[int, int, float]]:
    """Pairs of items whose residuals the model lets covary, with their correlation."""
    table, residuals = result.solution.table, result.solution.matrices[0].residuals
    lines = np.flatnonzero(table.of_kind("residual", 0) & (table.row != table.column))
    return [(a, b, float(residuals[a, b] / np.sqrt(abs(residuals[a, a] * residuals[b, b]))))
            for a, b in zip(table.row[lines].tolist(), table.column[lines].tolist(), strict=True)]  # fmt: skip


# --- drawing it --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """Where everything stands, in points from the top left corner."""

    item_y: tuple[float, ...]
    factor_y: tuple[float, ...]
    height: float
    width: float
    factor_x: float
    half: float  # of an ellipse's width
    general_x: float
    box: float  # left edge of the boxes
    box_end: float


def _draw(pen: Pen, chart: _PathChart) -> Axes:
    item_y, factor_y, height = _upright(chart)
    rows = Rows(tuple(words for _, words in chart.items), item_y, (), (False,) * len(item_y), height)
    improper = chart.explained > 1
    cells = [cell_figure(value) + " !" * int(bad) for value, bad in zip(chart.explained, improper, strict=True)]
    figures = [Figures(head, ["" if np.isnan(x) else cell_figure(x) for x in column]) for head, column in chart.columns]
    figures.append(Figures(chart.explained_heading, cells, [VERMILION if bad else GREY for bad in improper]))
    right = rows.draw_figures(pen, figures)
    width = pen.axes_width(0, right)
    pen.ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    pen.ax.grid(False)
    pen.ax.spines[:].set_visible(False)
    place = _across(pen, chart, item_y, factor_y, height, width)
    _draw_loadings(pen, chart, place)
    _draw_curves(pen, chart, place)
    _draw_nodes(pen, chart, place)
    top = pen.title(chart.title, 0, right, 24.0)
    pen.fit(height, 0, right, top, pen.caption(chart.caption, 0, right, 12.0))
    return pen.ax


def _upright(chart: _PathChart) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Places of the items and of the factors, each at the middle of its own items, and the height of all."""
    item_y: list[float] = []
    factor_y: list[float] = []
    y = 6.0
    for factor in range(len(chart.factors)):
        count = int((chart.home == factor).sum())
        room = max(_ITEM * count, _LEAST)
        first = y + (room - _ITEM * count) / 2
        item_y += [first + _ITEM * (j + 0.5) for j in range(count)]
        factor_y.append(y + room / 2)
        y += room + _APART
    return tuple(item_y), tuple(factor_y), y - _APART + 6


def _across(
    pen: Pen, chart: _PathChart, item_y: tuple[float, ...], factor_y: tuple[float, ...], height: float, width: float
) -> _Layout:
    """Widths of the curves, the ellipses and the boxes; the arrows have the rest."""
    names = [pen.wrapped(words, 84) for _, words in chart.factors]
    half = max(30.0, max(pen.width(name) for name in names) / 2 + 10)
    boxes = min(max(pen.width(words) for _, words in chart.items), 170.0) + 10
    farthest = max((link.end - link.start for link in chart.correlations), default=0)
    curves = _FIRST + _STEP * (farthest - 1) + 16 if farthest else 4.0
    general_half = 0.0
    if chart.general:
        general_half = pen.width(pen.wrapped(chart.general[1], 84)) / 2 + 10
        curves = 2 * general_half + 70
    bulge = 40.0 if chart.residuals else 0.0
    return _Layout(
        item_y, factor_y, height, width, curves + half, half, general_half + 2, width - boxes - bulge, width - bulge
    )


def _draw_nodes(pen: Pen, chart: _PathChart, place: _Layout) -> None:
    ax = pen.ax
    for (name, words), y in zip(chart.items, place.item_y, strict=True):
        ax.add_patch(Rectangle((place.box, y - _ITEM / 2 + 1), place.box_end - place.box, _ITEM - 2, facecolor="white",
                               edgecolor=GREY, linewidth=0.7, label=name, zorder=3, clip_on=False))  # fmt: skip
        shown = pen.wrapped(words, place.box_end - place.box - 8).split("\n")
        text = shown[0] + ("…" if len(shown) > 1 else "")
        ax.text(place.box + 5, y, text, va="center_baseline", zorder=4, gid=name, **pen.look(8.5, INK))
    nodes = [(*node, place.factor_x, y, place.half) for node, y in zip(chart.factors, place.factor_y, strict=True)]
    if chart.general:
        nodes.append((*chart.general, place.general_x, float(np.mean(place.factor_y)), place.general_x - 2))
    for name, words, x, y, half in nodes:
        ax.add_patch(
            Ellipse(
                (x, y), 2 * half, _LEAST - 4, facecolor="#EAF3F9", edgecolor=BLUE, linewidth=1.2, label=name, zorder=3
            )
        )
        ax.text(
            x,
            y,
            pen.wrapped(words, 84),
            ha="center",
            va="center",
            zorder=4,
            gid=name,
            linespacing=1.1,
            **pen.look(9.0, INK),
        )


def _draw_loadings(pen: Pen, chart: _PathChart, place: _Layout) -> None:
    """Arrows from factors to items, numbers beside the boxes; of further loadings of an item, on the arrow."""
    figure = max(pen.width(_number(each), 8.0, each.improper) for each in chart.loadings)
    end = place.box - figure - 8
    for link in chart.loadings:
        factor, item = link.start, link.end
        start = (place.factor_x + place.half, place.factor_y[factor])
        stop, name = (end, place.item_y[item]), f"{chart.factors[factor][0]} =~ {chart.items[item][0]}"
        _arrow(pen, Path([start, stop]), name, link, "-|>")
        main = chart.home[item] == factor
        spot = (place.box - 4, stop[1]) if main else tuple(np.array(start) * 0.45 + np.array(stop) * 0.55)
        _figure(pen, spot, name, link, "right" if main else "center")


def _draw_curves(pen: Pen, chart: _PathChart, place: _Layout) -> None:
    """Curves between factors at the left, between residuals at the right, and the arrows of a second-order factor."""
    x = place.factor_x - place.half
    for link in chart.correlations:
        a, b = link.start, link.end
        name = f"{chart.factors[a][0]} ~~ {chart.factors[b][0]}"
        reach = _FIRST + _STEP * (b - a - 1)
        _curve(pen, (x, place.factor_y[a] + 5), (x, place.factor_y[b] - 5), -reach, name, link)
    for link in chart.residuals:
        a, b = link.start, link.end
        name, ends = f"{chart.items[a][0]} ~~ {chart.items[b][0]}", sorted((place.item_y[a], place.item_y[b]))
        _curve(pen, (place.box_end, ends[0]), (place.box_end, ends[1]), 22.0, name, link)
    for link in chart.regressions:
        start = np.array([2 * place.general_x - 2, np.mean(place.factor_y)])
        stop = np.array([x, place.factor_y[link.end]])
        name = f"{chart.general[0] if chart.general else ''} =~ {chart.factors[link.end][0]}"
        _arrow(pen, Path([tuple(start), tuple(stop)]), name, link, "-|>")
        _figure(pen, tuple(0.4 * start + 0.6 * stop), name, link, "center")


def _curve(
    pen: Pen, start: tuple[float, float], stop: tuple[float, float], reach: float, name: str, link: Link
) -> None:
    """A curve whose middle lies ``reach`` points beside its ends, with its number there."""
    bend = reach / 0.75
    path = Path([start, (start[0] + bend, start[1]), (stop[0] + bend, stop[1]), stop], [1, 4, 4, 4])
    _arrow(pen, path, name, link, "<|-|>")
    _figure(pen, (start[0] + reach, (start[1] + stop[1]) / 2), name, link, "center")


def _arrow(pen: Pen, path: Path, name: str, link: Link, style: str) -> None:
    curved = style == "<|-|>"
    color = VERMILION if link.improper or link.value < 0 else GREY if curved else BLUE
    width = 0.9 if curved else 0.5 + 1.5 * min(abs(link.value), 1.0)
    pen.ax.add_patch(FancyArrowPatch(path=path, arrowstyle=style, mutation_scale=7, linewidth=width, color=color, label=name,
                                     linestyle="dashed" if link.open else "solid", zorder=2, shrinkA=0, shrinkB=0, clip_on=False))  # fmt: skip


def _figure(pen: Pen, spot: Any, name: str, link: Link, ha: str) -> None:
    paper = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    look = pen.look(8.0, VERMILION if link.improper else INK, link.improper)
    pen.ax.text(spot[0], spot[1], _number(link), ha=ha, va="center_baseline", gid=name, bbox=paper, zorder=2.8, **look)


def _number(link: Link) -> str:
    """A standardised number; one that is not possible is marked.

    >>> _number(Link(0, 1, 0.456)), _number(Link(0, 1, 1.04, improper=True))
    ('.46', '1.04 !')
    """
    return cell_figure(link.value) + (" !" if link.improper else "")
