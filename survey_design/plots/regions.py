"""Where regions stand to each other: on the two axes along which they differ most, groups told by shape and colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Language, Text, say
from survey_design.sampling.regions import criterion_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.sampling.regions import ChosenRegions, RegionGroups

Array = NDArray[Any]

_SHAPES, _COLORS = ("o", "s", "D", "^", "v", "P"), (BLUE, VERMILION, GREEN, "#B8860B", "#A8518A", INK)
_LEAST, _MOST = 240.0, 1.0  # height of the axes in points, and as a share of their width
_FEW = 25  # regions up to which all of them are named

_WORDS: Mapping[str, Text] = {
    "axis": {"en": "axis {k}, {share} of the differences: {names}", "zh": "第 {k} 轴，占差异的 {share}：{names}"},
    "group": {"en": "group {name}", "zh": "第 {name} 组"},
    "open": {"en": "hollow: not chosen", "zh": "空心：未入选"},
    "read": {"en": "Near each other: alike in {names}.",
             "zh": "位置相近表示在以下变量上相似：{names}。"},
}  # fmt: skip


def draw_groups(result: RegionGroups, ax: Axes | None = None) -> Axes:
    """Regions on the two axes along which they differ most, their groups by shape and colour.

    The axes are the first two principal axes of the scores that the regions were grouped by, in the same units, so that
    distances in all directions compare; under each stand the variables that go with it most closely, (+) where they grow along it. Up to 25 regions are named.

    Parameters
    ----------
    result : RegionGroups, from :func:`survey_design.sampling.regions.group_regions`
    ax : Axes, optional
        Drawn on; without it a new sheet of pyplot is taken.

    Returns
    -------
    Axes
        One collection per group, labelled with its name, whose offsets are the regions' places.

    Examples
    --------
    >>> import pandas as pd
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.sampling.regions import group_regions
    >>> regions = pd.DataFrame({"region": list("ABCD"), "income": [9.0, 8.5, 3.1, 2.9], "wait": [4.0, 5.0, 9.0, 9.5]})
    >>> ax = draw_groups(group_regions(regions, {"economic": "income", "service": "wait"}), new_axes())
    >>> [drawn.get_label() for drawn in ax.collections]
    ['1', '2']
    """
    return _draw(lambda language: _groups_map(result.in_language(language)), result.language, ax)


def draw_chosen(result: ChosenRegions, ax: Axes | None = None) -> Axes:
    """Regions as in :func:`draw_groups`; those chosen are filled and named, the others hollow.

    Well chosen regions are spread as all of them are: no corner of the picture without a filled mark.

    Parameters
    ----------
    result : ChosenRegions, from :func:`survey_design.sampling.regions.choose_regions`
    ax : Axes, optional
        As in :func:`draw_groups`.

    Returns
    -------
    Axes
        One collection per group and one of its regions that were not chosen, labelled "… (not chosen)".

    Examples
    --------
    >>> import pandas as pd
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.sampling.regions import choose_regions, group_regions
    >>> regions = pd.DataFrame({"region": list("ABCD"), "income": [9.0, 8.5, 3.1, 2.9], "wait": [4.0, 5.0, 9.0, 9.5]})
    >>> groups = group_regions(regions, {"economic": "income", "service": "wait"})
    >>> ax = draw_chosen(choose_regions(groups, 2, method="srs", seed=1), new_axes())
    >>> [drawn.get_label() for drawn in ax.collections]
    ['1', '1 (not chosen)', '2', '2 (not chosen)']
    """
    return _draw(lambda language: _chosen_map(result.in_language(language)), result.language, ax)


@dataclass(frozen=True, eq=False)
class _Map:
    """The words and numbers of the picture.

    Attributes
    ----------
    places : (regions, 2) on the principal axes
    codes : (regions,) number of the group; groups : name of each
    filled, named : (regions,) whether the mark is filled, and whether its name stands beside it
    """

    title: str
    caption: str
    axes: tuple[str, str]
    names: tuple[str, ...]
    places: Array
    codes: Array
    groups: tuple[str, ...]
    filled: Array
    named: Array
    words: Mapping[str, str]

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.axes, *self.names, *self.words.values())
        yield from (self.words["group"].replace("{name}", group) for group in self.groups)


def _draw(told: Callable[[Language], _Map], language: Language, ax: Axes | None) -> Axes:
    chart = told(language)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = told("en"), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    left, right = 24.0, 12.0
    width = pen.axes_width(left, right)
    height, reach = _extent(chart.places, width, max(_LEAST, pen.width(chart.axes[1], 8.5) + 6))
    _draw_axes(pen, chart, reach)
    _draw_regions(pen, chart)
    _draw_names(pen, chart, width, height)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right, 10.0))
    pen.fit(height, left, right, top, pen.caption(chart.caption, left, right, 40.0))
    return pen.ax


def _groups_map(result: RegionGroups) -> _Map:
    return _map(result, np.ones(len(result.frame), dtype=bool), result.title(), result.note())


def _chosen_map(result: ChosenRegions) -> _Map:
    groups = result.groups.in_language(result.language)
    chosen = groups.frame[groups.by].isin(result.frame[groups.by]).to_numpy()
    return _map(groups, chosen, result.title(), result.sentence())


def _map(groups: RegionGroups, filled: Array, title: str, caption: str) -> _Map:
    language = groups.language
    words = {key: say(text, language) for key, text in _WORDS.items()}
    places, shares, loads = principal_axes(
        criterion_scores(groups.values.to_numpy(float), [len(columns) for columns in groups.criteria.values()])
    )
    axes = []
    for k in range(2):
        closest = np.argsort(-np.abs(loads[:, k]), kind="stable")[:2]
        signed = [f"{groups.values.columns[j]} ({'+' if loads[j, k] > 0 else '−'})" for j in closest]
        told = ("、" if language == "zh" else ", ").join(signed)
        filled_in = words["axis"].replace("{k}", str(k + 1)).replace("{share}", f"{100 * shares[k]:.0f}%")
        axes.append(filled_in.replace("{names}", told))
    variables = ("、" if language == "zh" else ", ").join(map(str, groups.values.columns))
    read = words["read"].replace("{names}", variables)
    codes = np.array([groups.groups.index(name) for name in groups.frame["group"]])
    names = tuple(groups.frame[groups.by].astype(str))
    return _Map(
        title, f"{caption}{'' if language == 'zh' else ' '}{read}", (axes[0], axes[1]), names, places, codes,
        tuple(map(str, groups.groups)), filled, filled & (not filled.all() or len(names) <= _FEW), words,
    )  # fmt: skip


def principal_axes(scores: Array) -> tuple[Array, Array, Array]:
    """(regions, 2) places on the first two principal axes, (2,) their shares of the squares, (variables, 2)
    correlations.

    An axis points to where the variable that goes with it most closely is large.

    >>> import numpy as np
    >>> places, shares, loads = principal_axes(np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]))
    >>> places[:, 0].round(3).tolist(), shares.round(3).tolist()
    ([-1.414, 0.0, 1.414], [1.0, 0.0])
    """
    centred = scores - scores.mean(axis=0)
    u, s, v = np.linalg.svd(centred, full_matrices=False)
    places, axes = np.zeros((len(scores), 2)), np.zeros((scores.shape[1], 2))
    k = min(2, len(s))
    places[:, :k], axes[:, :k] = u[:, :k] * s[:k], v[:k].T * s[:k]
    loads = axes / np.linalg.norm(centred, axis=0)[:, None]
    sign = np.where(loads[np.abs(loads).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    squares = np.zeros(2)
    squares[:k] = s[:k] ** 2
    return places * sign, squares / (s**2).sum(), loads * sign


def _extent(places: Array, width: float, least: float) -> tuple[float, tuple[float, float]]:
    """Height of the axes in points, and half of what they show each way, in the same units per point on both.

    >>> height, (across, up) = _extent(np.array([[-4.0, -3.0], [4.0, 3.0]]), 400.0, 240.0)
    >>> height, round(across, 2), round(up, 2)
    (300.0, 4.48, 3.36)
    """
    across, up = (0.56 * float(np.ptp(places[:, k])) for k in range(2))
    across, up = (across, up) if across + up > 0 else (1.0, 1.0)
    across = max(across, up / _MOST)  # what is taller than wide gets room at its sides
    height = max(least, width * up / across)
    return height, (across, across * height / width)


def _draw_axes(pen: Pen, chart: _Map, reach: tuple[float, float]) -> None:
    """Thin lines through the mean of all regions; the axes have no unit, so they have no figures."""
    ax = pen.ax
    middle = (chart.places.max(axis=0) + chart.places.min(axis=0)) / 2
    ax.set(xlim=(middle[0] - reach[0], middle[0] + reach[0]), ylim=(middle[1] - reach[1], middle[1] + reach[1]))
    ax.set(xticks=[], yticks=[], axisbelow=True)
    ax.set_aspect("equal", adjustable="datalim")  # in somebody else's axes, too
    ax.grid(False)
    ax.spines[:].set(color=PALE, linewidth=0.8, visible=True)
    ax.axhline(0, color=PALE, linewidth=0.8, zorder=1)
    ax.axvline(0, color=PALE, linewidth=0.8, zorder=1)
    pen.write(chart.axes[0], 0, 0, 0, -14, to="axes fraction", size=8.5, color=GREY)
    pen.write(
        chart.axes[1], 0, 0, -12, 0, to="axes fraction", size=8.5, color=GREY, rotation=90, ha="center", va="bottom"
    )


def _look(code: int) -> tuple[str, str]:
    """Shape and colour of a group; 36 groups have different ones."""
    return _SHAPES[code % 6], _COLORS[(code + code // 6) % 6]


def _draw_regions(pen: Pen, chart: _Map) -> None:
    for code, name in enumerate(chart.groups):
        shape, color = _look(code)
        own = chart.codes == code
        for there, face, label in (
            (own & chart.filled, color, name),
            (own & ~chart.filled, "white", f"{name} (not chosen)"),
        ):
            if there.any():
                x, y = chart.places[there].T
                size, layer = (46, 3) if face == color else (30, 2)
                pen.ax.scatter(x, y, marker=shape, s=size, c=face, edgecolors=color, linewidths=1.2, label=label, zorder=layer,
                               clip_on=False)  # fmt: skip


def _draw_names(pen: Pen, chart: _Map, width: float, height: float) -> None:
    """Names beside their marks, on the first free side; a name that has room nowhere stands at the right all the
    same."""
    (x0, x1), (y0, y1) = pen.ax.get_xlim(), pen.ax.get_ylim()
    points = (chart.places - [x0, y0]) / [x1 - x0, y1 - y0] * [width, height]
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points]
    for k in np.flatnonzero(chart.named):
        long = pen.width(chart.names[k], 8.5)
        x, y = points[k]
        sides = [(x + 7, y - 6), (x - 7 - long, y - 6), (x - long / 2, y + 5), (x - long / 2, y - 17)]
        boxes = [(left, low, left + long, low + 12) for left, low in sides]
        free = [
            box for box in boxes if box[0] >= 0 and box[2] <= width and not any(_meet(box, other) for other in taken)
        ]
        box = (free or boxes)[0]
        taken.append(box)
        pen.write(chart.names[k], points[k][0] / width, points[k][1] / height, box[0] - x, box[1] + 6 - y,
                  to="axes fraction", size=8.5)  # fmt: skip


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """True if two boxes (left, low, right, high) overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _key(chart: _Map) -> dict[str, Line2D]:
    key = {}
    for code, name in enumerate(chart.groups):
        shape, color = _look(code)
        words = chart.words["group"].replace("{name}", name) if name.isdigit() else name
        key[words] = Line2D([], [], color=color, marker=shape, linestyle="", markersize=6.5)
    if not chart.filled.all():
        key[chart.words["open"]] = Line2D([], [], color=GREY, marker="o", linestyle="", markersize=5.5,
                                          markerfacecolor="white", markeredgewidth=1.2)  # fmt: skip
    return key
