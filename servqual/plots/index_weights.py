"""Weights of an index: each with its interval, several methods side by side, and whether comparisons in pairs fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.plots.forest import draw_forest
from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Language, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.index_weights import ConsistencyTable, IndexWeights, WeightComparison

Array = NDArray[Any]

_LOOKS = (  # marker, colour, filled
    ("o", BLUE, True), ("D", VERMILION, False), ("s", GREEN, True), ("^", INK, False),
    ("X", GREY, True), ("v", BLUE, False), ("P", VERMILION, True), ("o", GREEN, False),
)  # fmt: skip
_LANE, _AIR = 8.0, 12.0  # points: height of one method within a row, and between rows
_WORDS: Mapping[str, Text] = {
    "read weights": {"en": "Dot: weight, with its {level} interval where there is one; upright line: equal weights.",
                     "zh": "圆点：权重（如有则附 {level} 区间）；竖线：等权重。"},
    "read sets": {"en": "Upright line: equal weights. Thin lines: {level} intervals of the methods that have them.",
                  "zh": "竖线：等权重。细线：有区间的方法的 {level} 区间。"},
    "equal line": {"en": "Upright line: equal weights.", "zh": "竖线：等权重。"},
    "range": {"en": "range", "zh": "极差"},
    "within": {"en": "CR at most 0.10", "zh": "CR 不超过 0.10"},
    "above": {"en": "too inconsistent", "zh": "不一致过高"},
    "cr": {"en": "CR", "zh": "CR"},
    "gci": {"en": "GCI (limit)", "zh": "GCI（界限）"},
    "worst": {"en": "fits least: {first} against {second}, said {said}, {fitting} would fit",
              "zh": "最不合：{first}对{second}，所判 {said}，相合值 {fitting}"},
    "none": {"en": "no CR, {missing} of the pairs missing; judged by GCI", "zh": "缺 {missing} 对比较，无 CR，按 GCI 判断"},
}  # fmt: skip


def draw_weights(result: IndexWeights, ax: Axes | None = None) -> Axes:
    """Every weight of one method with its interval, against equal weights.

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`.

    Examples
    --------
    >>> from servqual.index_weights import index_weights
    >>> from servqual.plots import new_axes
    >>> ax = draw_weights(index_weights(["care", "speed"], method="equal"), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['care', 'speed']
    """
    frame, language = result.frame, result.language
    weight = {column.name: column for column in result.columns()}["weight"]
    level = f"{100 * result.level:g}%"
    return draw_forest(
        [result.label(name) for name in frame["indicator"]], frame["weight"].to_numpy(float), frame["low"].to_numpy(float),
        frame["high"].to_numpy(float), null=round(1 / len(frame), 3), heading=weight, title=result.title(),
        caption=joined([say(_WORDS["read weights"], language).replace("{level}", level), result.note()], language), level=result.level,
        language=language, ax=ax,
    )  # fmt: skip


# --- side by side ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _SetChart:
    """The words and numbers of weights side by side."""

    title: str
    labels: tuple[str, ...]
    sets: tuple[str, ...]
    value: Array
    low: Array
    high: Array
    heading: str
    ranges: tuple[str, ...]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, self.heading, *self.labels, *self.sets)


def draw_weight_comparison(result: WeightComparison, ax: Axes | None = None) -> Axes:
    """Weights of several methods: a row per indicator, in it a mark for each method, one below the other.

    Indicators stand in the order of the table; each method has a marker and a colour of its own. Figures at the right: how far apart
    the methods are.

    Parameters
    ----------
    result : WeightComparison, from :func:`servqual.index_weights.compare_weights`; up to eight sets
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections bear the names of the sets, and these with " interval" behind; "equal line" is that of equal weights.

    Raises
    ------
    SpecError
        If there are more than eight sets, which no eye tells apart.

    Examples
    --------
    >>> from servqual.index_weights import compare_weights
    >>> from servqual.plots import new_axes
    >>> found = compare_weights({"equal": {"care": 0.5, "speed": 0.5}, "experts": {"care": 0.8, "speed": 0.2}})
    >>> [each.get_label() for each in draw_weight_comparison(found, new_axes()).collections]
    ['equal line', 'equal', 'experts']
    """
    if len(result.sets) > len(_LOOKS):
        raise SpecError(f"{len(result.sets)} sets of weights are too many for one picture; draw up to {len(_LOOKS)}.")
    chart = _set_chart(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _set_chart(result.in_language("en")), LATIN
    pen, m = Pen(pyplot_axes() if ax is None else ax, fonts), len(chart.sets)
    rows = Rows.stacked(
        pen, chart.labels, [""] * len(chart.labels), [False] * len(chart.labels), usual=_AIR + _LANE * m
    )
    _share_axis(pen, np.concatenate([chart.value.ravel(), chart.low.ravel(), chart.high.ravel()]), rows.height)
    pen.ax.vlines(1 / len(chart.labels), 0, rows.height, colors=INK, linewidth=0.9, label="equal line", zorder=1.4)
    key = {}
    for j, (name, (marker, color, filled)) in enumerate(zip(chart.sets, _LOOKS, strict=False)):
        places = np.array(rows.places) + (j - (m - 1) / 2) * _LANE
        known = np.isfinite(chart.low[:, j])
        if known.any():
            pen.ax.hlines(places[known], chart.low[known, j], chart.high[known, j], colors=color, linewidth=1.1,
                          label=f"{list(result.sets)[j]} interval", zorder=3)  # fmt: skip
        face = color if filled else "white"
        pen.ax.scatter(chart.value[:, j], places, marker=marker, s=26, facecolors=face, edgecolors=color, linewidths=1.3,
                       label=list(result.sets)[j], zorder=4, clip_on=False)  # fmt: skip
        key[name] = Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            markersize=5.5,
            markerfacecolor=face,
            markeredgecolor=color,
            markeredgewidth=1.3,
        )
    _stripes(pen, rows)
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(chart.heading, chart.ranges)])
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top, draw_foot(pen, ("", ""), chart.caption, left, right))
    return pen.ax


def _set_chart(result: WeightComparison) -> _SetChart:
    language, names = result.language, list(result.frame["indicator"])
    keys = list(result.sets)
    found = {edge: result.bounds.pivot(index="indicator", columns="set", values=edge).loc[names, keys].to_numpy(float)
             for edge in ("low", "high")}  # fmt: skip
    levels = " / ".join(f"{100 * level:g}%" for level in result.bound_levels)
    words = say(_WORDS["read sets" if levels else "equal line"], language).replace("{level}", levels)
    return _SetChart(
        title=result.title(), labels=tuple(say(result.labels.get(name, {"en": name}), language) for name in names),
        sets=tuple(say(title, language) for title in result.sets.values()), value=result.frame[keys].to_numpy(float), **found,
        heading=say(_WORDS["range"], language), ranges=tuple(f"{value:.3f}" for value in result.frame["range"]),
        caption=joined([words, result.sentence()], language),
    )  # fmt: skip


def _stripes(pen: Pen, rows: Rows) -> None:
    """Thin lines between the rows, since marks of one row stand below each other."""
    between = [(one + two) / 2 for one, two in pairwise(rows.places)]
    for y in between:
        pen.ax.axhline(y, color=PALE, linewidth=0.6, zorder=1)


def _share_axis(pen: Pen, numbers: Array, height: float) -> None:
    """From 0 to a little beyond the largest number."""
    most = 1.04 * float(np.nanmax(numbers))
    ticks = [float(x) for x in MaxNLocator(6).tick_values(0, most) if 0 <= x <= most]
    pen.ax.set(xlim=(0, most))
    draw_grid(pen, ticks, [f"{tick:.6g}" for tick in ticks], height)


# --- consistency -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _ConsistencyChart:
    """The words and numbers of consistency."""

    title: str
    labels: tuple[str, ...]
    value: Array
    flagged: Array
    remarks: tuple[str, ...]
    headings: tuple[str, str]
    figures: tuple[tuple[str, ...], tuple[str, ...]]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.remarks, *self.headings, *self.words.values())


def draw_consistency(result: ConsistencyTable, ax: Axes | None = None) -> Axes:
    """The consistency ratio of each expert's comparisons against the limit of .10, and which comparison fits least.

    Returns
    -------
    Axes
        Collections "within" and "above", and the line "limit". Matrices without a CR have no mark but a remark.

    Examples
    --------
    >>> from servqual.index_weights import index_weights
    >>> from servqual.plots import new_axes
    >>> found = index_weights(
    ...     [[1, 2, 9], [None, 1, "1/4"], [None, None, 1]], method="ahp", indicators=["care", "speed", "price"]
    ... )
    >>> [each.get_label() for each in draw_consistency(found.consistency, new_axes()).collections]
    ['limit', 'above']
    """
    chart = _consistency_chart(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _consistency_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, [""] * len(chart.labels), [bool(remark) for remark in chart.remarks])
    _share_axis(pen, np.array([0.15, *chart.value[np.isfinite(chart.value)]]), rows.height)
    pen.ax.vlines(0.1, 0, rows.height, colors=INK, linewidth=0.9, label="limit", zorder=1.4)
    places, key = np.array(rows.places), {}
    for name, chosen, color, marker in (
        ("within", ~chart.flagged, BLUE, "o"),
        ("above", chart.flagged, VERMILION, "D"),
    ):
        chosen = chosen & np.isfinite(chart.value)
        if chosen.any():
            pen.ax.scatter(
                chart.value[chosen], places[chosen], marker=marker, s=34, c=color, label=name, zorder=4, clip_on=False
            )
            key[chart.words[name]] = Line2D([], [], linestyle="", marker=marker, markersize=6, color=color)
    rows.draw_remarks(pen, chart.remarks)
    left = rows.draw_labels(pen)
    columns = [Figures(head, cells, [VERMILION if flag else INK for flag in chart.flagged], list(chart.flagged))
               for head, cells in zip(chart.headings, chart.figures, strict=True)]  # fmt: skip
    right = rows.draw_figures(pen, columns)
    top = pen.title(chart.title, left, right, pen.key(key, left, right) if key else 20.0)
    pen.fit(rows.height, left, right, top, draw_foot(pen, ("", ""), chart.caption, left, right))
    return pen.ax


def _consistency_chart(result: ConsistencyTable) -> _ConsistencyChart:
    language, frame = result.language, result.frame
    words = {key: say(_WORDS[key], language) for key in ("within", "above")}
    shown = {column.name: column for column in result.columns()}
    cr = frame["cr"].to_numpy(float)
    gci = [_with_limit(*pair, language) for pair in zip(frame["gci"], frame["gci_limit"], strict=True)]
    return _ConsistencyChart(
        title=result.title(), labels=tuple(shown["expert"].show(name, language) for name in frame["expert"]), value=cr,
        flagged=frame["flagged"].to_numpy(bool), remarks=tuple(_remark(row, shown, language) for row in frame.to_dict("records")),
        headings=(say(_WORDS["cr"], language), say(_WORDS["gci"], language)),
        figures=(tuple(shown["cr"].show(value, language) for value in cr), tuple(gci)), words=words,
        caption=joined([result.sentence(), result.note()], language),
    )  # fmt: skip


def _with_limit(value: float, limit: float, language: Language) -> str:
    return f"{value:.2f}（{limit:.2f}）" if language == "zh" else f"{value:.2f} ({limit:.2f})"


def _remark(row: Mapping[Any, Any], shown: Mapping[str, Any], language: Language) -> str:
    """What must be said of one expert; empty where all is well."""
    parts: list[str] = []
    if not np.isfinite(row["cr"]) and row["missing"]:
        parts.append(say(_WORDS["none"], language).replace("{missing}", str(row["missing"])))
    if row["flagged"] and row["first"]:
        named = {key: shown[key].show(row[key], language) for key in ("first", "second", "said", "fitting")}
        parts.append(say(_WORDS["worst"], language).format(**named))
    return _glued(parts, language)


def _glued(parts: Sequence[str], language: Language) -> str:
    return ("；" if language == "zh" else "; ").join(parts)
