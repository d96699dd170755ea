"""The caterpillar of stores: each store's estimate with its interval, the best on top, and how sure its rank is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D, Transform, blended_transform_factory
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS
from servqual.measures import CAUTION
from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined, span
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.stores import StoreEstimates

Array = NDArray[Any]

# Shape and colour of each group; where there are more groups, a store's label names its own.
_MARKS = (("o", BLUE), ("s", VERMILION), ("D", GREEN), ("^", "#B8860B"), ("v", "#A8518A"), ("P", INK))
_SIZES = {"o": 34, "s": 30, "D": 26, "^": 40, "v": 40, "P": 42}
_CLOSE, _MANY, _PANEL = 15.0, 30, 118.0  # height of one of many rows, how many are many, width of the panel of ranks

_WORDS: Mapping[str, Text] = {
    "pulled": {"en": "pulled towards the {group} mean, {level} interval", "zh": "向{group}均值收缩后的值，{level} 区间"},
    "raw": {"en": "raw", "zh": "原始值"},
    "raw interval": {"en": "raw, {level} interval", "zh": "原始值，{level} 区间"},
    "beyond": {"en": "interval goes on beyond the axis", "zh": "区间超出坐标范围"},
    "toward": {"en": "mean of its {group}", "zh": "所属{group}的均值"},
    "toward all": {"en": "mean of all", "zh": "总均值"},
    "threshold": {"en": "threshold {threshold}", "zh": "界限 {threshold}"},
    "floor": {"en": "n under {minimum}", "zh": "样本量不足 {minimum}"},
    "rank": {"en": "rank, 1 = best", "zh": "名次（1 为最好）"},
    "interval": {"en": "{level}", "zh": "{level} 区间"},
    "worse": {"en": "← worse", "zh": "← 较差"},
    "better": {"en": "better →", "zh": "较好 →"},
    "base": {"en": "{n};", "zh": "{n}；"},
    "method": {
        "en": "solid: pulled towards the {group} mean, the more so the less the raw value can be relied on, with its {level} "
        "interval; ranks: mean and {level} interval over {draws} simulated rankings.",
        "zh": "实心：向{group}均值收缩后的值及其 {level} 区间，原始值越不可靠，收缩越多；名次：{draws} 次模拟排名的均值与 {level} 区间。",
    },
    "raw method": {"en": "raw values with their {level} intervals, sorted; this order is no ranking.",
                   "zh": "原始值及其 {level} 区间，按大小排列；此顺序不等于名次。"},
    "few": {"en": "Grey: n under {minimum}, base not shown, not for publication.", "zh": "灰色：样本量不足 {minimum}，不列样本量，亦不宜对外发布。"},
    "all": {"en": "All rows: {note}.", "zh": "各行：{note}。"},
}  # fmt: skip


def draw_stores(result: StoreEstimates, ax: Axes | None = None) -> Axes:
    """Stores from best to worst: pulled and raw estimate, and beside them the range of ranks left open.

    The solid mark is the estimate pulled towards the mean of the store's group, on its interval; shape and colour say
    which group that is. The small hollow dot is the raw value, the upright tick the group's mean: the mark stands the
    nearer to the tick, the less the raw value can be relied on. The panel at the right has the expected rank with its
    interval; where these lines overlap for most stores, the order of the rows is one of many. Stores with fewer
    interviews than ``minimum`` are grey, with "n<5" for their base. Where the model gives no estimates (too few stores),
    the raw values are drawn with their own intervals and there are no ranks.

    Parameters
    ----------
    result : StoreEstimates, from :func:`servqual.stores.store_estimates`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections: "interval", "raw", "toward", the estimates, one per group, labelled with its name ("all" without
        groups), and in the panel "rank interval" and "rank", whose x are ranks; "raw interval" and "beyond" (arrowheads)
        only without a model, "zero" and "threshold" where these are on the axis.

    Raises
    ------
    SpecError
        If the result has no rows.

    References
    ----------
    Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159, 385-409, doi:10.2307/2983325.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> from servqual.plots import new_axes
    >>> from servqual.stores import store_estimates
    >>> instrument = load_instrument("retail-13")
    >>> scores = [3, 5, 4, 6, 5, 7, 4, 4, 5, 2, 3, 4, 5, 6, 6, 3, 5, 5]
    >>> data = pd.DataFrame({column: scores for column in instrument.columns("perception").values()})
    >>> data["store"] = [name for name in "ABCDEF" for _ in range(3)]
    >>> ax = draw_stores(store_estimates(Responses(data, instrument), of="perception"), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['B', 'E', 'F', 'C', 'A', 'D']
    """
    chart = _store_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _store_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    k, drawn = len(chart.labels), np.isfinite(chart.raw)
    noted = [bool(note) and bool(there) for note, there in zip(chart.notes, drawn, strict=True)]
    rows = Rows.stacked(pen, chart.labels, [""] * k, noted, _CLOSE if k > _MANY else 0.0)
    places = np.array(rows.places)
    _draw_axis(pen, chart, rows.height)
    _draw_estimates(pen, chart, places)
    left = rows.draw_labels(pen)
    rows.draw_remarks(pen, chart.notes)
    right = rows.draw_figures(pen, _figures(chart))
    if chart.ranked:
        right = _draw_ranks(pen, chart, rows, right)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    bottom = draw_foot(pen, (chart.words["worse"], chart.words["better"]), chart.caption, left, right)
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


@dataclass(frozen=True, eq=False)
class _StoreChart:
    """The words and numbers of a caterpillar, a row per store.

    Attributes
    ----------
    raw, pulled, toward : (k,) estimates and the groups' means
    low, high : (k,) bounds, of the pulled estimates or, where there is no model, of the raw ones
    rank : (k, 3) expected rank and its bounds
    group, groups : (k,) number of the group; each group's name, its words and its mark
    few : (k,) True under the floor
    lines : (values of the reference lines, by name)
    """

    title: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    raw: Array
    pulled: Array
    toward: Array
    low: Array
    high: Array
    rank: Array
    n: tuple[str, ...]
    few: Array
    group: Array
    groups: tuple[tuple[str, str, str, str], ...]
    lines: Mapping[str, float]
    words: Mapping[str, str]
    caption: str
    column: Any

    @property
    def modelled(self) -> bool:
        """True if there are estimates other than the raw ones."""
        return bool(np.isfinite(self.pulled).any())

    @property
    def ranked(self) -> bool:
        return bool(np.isfinite(self.rank).any())

    @property
    def figure_inks(self) -> list[str]:
        """(k,) ink of the figures of each row."""
        return [GREY if few else INK for few in self.few]

    @property
    def inks(self) -> list[str]:
        """(k,) colour of the marks of each row."""
        return [GREY if few else self.groups[g][3] for few, g in zip(self.few, self.group, strict=True)]

    @property
    def reach(self) -> tuple[float, float]:
        """Ends of the axis; a raw interval of two answers may be endless, and doesn't decide."""
        low, high = self.low, self.high
        if not self.modelled and np.isfinite(low).any():
            most = 4 * np.nanmedian((high - low) / 2)
            low, high = np.fmax(low, self.raw - most), np.fmin(high, self.raw + most)
        drawn = np.concatenate([self.raw, self.pulled, self.toward, low, high])
        drawn = drawn[np.isfinite(drawn)]
        first, last = (drawn.min(), drawn.max()) if len(drawn) else (0.0, 0.0)
        air = 0.03 * (last - first) or 0.5
        return float(first - air), float(last + air)

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.notes, *self.words.values())
        yield from (words for _, words, _, _ in self.groups)


def _store_chart(result: StoreEstimates) -> _StoreChart:
    if result.frame.empty:
        raise SpecError("a picture of stores needs rows; this result has none.")
    language, value = result.language, NUMBER_COLUMNS[result.of]
    order = result.frame.sort_values(["shrunken", result.of], ascending=False, kind="stable", na_position="last")
    modelled = bool(order["shrunken"].notna().any())
    names, group, groups = _groups(result, order)
    columns = {column.name: column for column in result.columns()}
    words = _words(result) | {name: columns[name].heading(language) for name in ("n", "shrunken", result.of)}
    notes = [result.shrunken(store).reason for store in order[result.by]]
    few = (order["flag"] == "floor").to_numpy()
    bases = f"n<{result.minimum}" if few.all() else f"n = {span(order['n'][~few])}"
    said = [words["base"].replace("{n}", bases), words["method" if modelled else "raw method"]]
    if result.differences:
        said.append(result.sentence())
    if len(notes) > 1 and len(set(notes)) == 1 and notes[0]:  # said once
        said.append(words["all"].replace("{note}", notes[0]))
        notes = [""] * len(notes)
    said += [words["few"] if few.any() else "", say(CAUTION, language) if result.cautious else ""]
    bounds = ("shrunken_low", "shrunken_high") if modelled else ("low", "high")
    stores = [columns[result.by].show(store, language) for store in order[result.by]]
    lines = {"zero": 0.0} if result.of == "gap" else {}
    return _StoreChart(
        title=result.title(), labels=tuple(f"{store}{name}" for store, name in zip(stores, names, strict=True)),
        notes=tuple(notes), raw=order[result.of].to_numpy(float), pulled=order["shrunken"].to_numpy(float),
        toward=order["toward"].to_numpy(float), low=order[bounds[0]].to_numpy(float), high=order[bounds[1]].to_numpy(float),
        rank=order[["rank", "rank_low", "rank_high"]].to_numpy(float),
        n=tuple(f"n<{result.minimum}" if hidden else f"{n:,}" for n, hidden in zip(order["n"], few, strict=True)),
        few=few, group=group, groups=groups,
        lines=lines | ({} if result.threshold is None else {"threshold": result.threshold}), words=words,
        caption=joined(said, language), column=value,
    )  # fmt: skip


def _words(result: StoreEstimates) -> dict[str, str]:
    """The picture's words with their blanks filled in."""
    language, value = result.language, NUMBER_COLUMNS[result.of]
    group = result.by_columns[1].heading(language) if result.within else {"zh": "总"}.get(language, "overall")
    filled = {
        "{level}": f"{100 * result.level:g}%", "{minimum}": str(result.minimum), "{draws}": f"{result.draws:,}",
        "{group}": group, "{threshold}": "" if result.threshold is None else value.show(result.threshold, language),
    }  # fmt: skip
    words = {}
    for key, text in _WORDS.items():
        words[key] = say(text, language)
        for blank, filling in filled.items():
            words[key] = words[key].replace(blank, filling)
    words["toward"] = words["toward" if result.within else "toward all"]
    return words


def _groups(result: StoreEstimates, order: Any) -> tuple[list[str], Array, tuple[tuple[str, str, str, str], ...]]:
    """What is added to each label, (k,) number of the group, and the groups' names, words and marks.

    Groups stand in the order of the table; more than there are shapes for are named in the labels.
    """
    if result.within is None:
        return [""] * len(order), np.zeros(len(order), dtype=int), (("all", "", *_MARKS[0]),)
    language, column = result.language, result.by_columns[1]
    names = list(dict.fromkeys(result.frame[result.within]))
    group = np.array([names.index(name) for name in order[result.within]])
    words = [column.show(name, language) for name in names]
    if len(names) > len(_MARKS):
        added = [f"（{words[g]}）" if language == "zh" else f" ({words[g]})" for g in group]
        return added, np.zeros(len(order), dtype=int), (("all", "", *_MARKS[0]),)
    marks = [(str(name), word, *mark) for name, word, mark in zip(names, words, _MARKS[: len(names)], strict=True)]
    return [""] * len(order), group, tuple(marks)


# Drawing it


def _draw_axis(pen: Pen, chart: _StoreChart, height: float) -> None:
    low, high = chart.reach
    pen.ax.set(xlim=(low, high))
    ticks = [float(x) for x in MaxNLocator(5).tick_values(low, high) if low <= x <= high]
    draw_grid(pen, ticks, [f"{tick:.6g}".replace("-", "−") for tick in ticks], height)
    for name, value in chart.lines.items():
        if low <= value <= high:
            style: dict[str, Any] = {
                "linestyles": "solid" if name == "zero" else "dashed",
                "linewidth": 0.9,
                "zorder": 1.4,
            }
            pen.ax.vlines(value, 0, height, colors=INK, label=name, **style)


def _draw_estimates(pen: Pen, chart: _StoreChart, places: Array) -> None:
    """Intervals, the groups' means, raw values, and the estimates on top of them."""
    ax, inks, (first, last) = pen.ax, chart.inks, chart.reach
    low, high = np.clip(chart.low, first, last), np.clip(chart.high, first, last)
    label = "interval" if chart.modelled else "raw interval"
    ax.hlines(places, low, high, colors=inks, linewidth=1.8, label=label, zorder=2.5)
    for beyond, end, marker in ((chart.low < first, first, "<"), (chart.high > last, last, ">")):
        if beyond.any():
            faces = [ink for ink, there in zip(inks, beyond, strict=True) if there]
            ax.scatter(np.full(beyond.sum(), end), places[beyond], marker=marker, s=30, c=faces, label="beyond", zorder=3,
                       clip_on=False)  # fmt: skip
    ax.scatter(chart.toward, places, marker="|", s=70, linewidths=1.3, c=inks, label="toward", zorder=2.6)
    ax.scatter(chart.raw, places, marker="o", s=15 if chart.modelled else 30, linewidths=1.1, c=["white"] * len(places),
               edgecolors=inks, label="raw", zorder=3, clip_on=False)  # fmt: skip
    for number, (name, _, shape, _) in enumerate(chart.groups):
        inside = (chart.group == number) & np.isfinite(chart.pulled)
        if inside.any():
            faces = [ink for ink, there in zip(inks, inside, strict=True) if there]
            ax.scatter(chart.pulled[inside], places[inside], marker=shape, s=_SIZES[shape], linewidths=0.0, c=faces, label=name,
                       zorder=4, clip_on=False)  # fmt: skip


def _figures(chart: _StoreChart) -> list[Figures]:
    """The estimate and its base in figures."""
    shown = [chart.column.show(value, "en") for value in (chart.pulled if chart.modelled else chart.raw)]
    return [
        Figures(chart.words["shrunken" if chart.modelled else chart.column.name], shown, chart.figure_inks),
        Figures(chart.words["n"], chart.n),
    ]


def _draw_ranks(pen: Pen, chart: _StoreChart, rows: Rows, edge: float) -> float:
    """The panel of ranks at the right, its x from 1 to the last; the width up to its end."""
    last = max(float(np.nanmax(chart.rank[:, 2])), 2.0)
    start = edge + 20
    place = _panel(pen, start, last)
    ax, y, inks = pen.ax, np.array(rows.places), chart.inks
    ticks = _rank_ticks(int(last))
    ax.vlines(
        ticks, 0, rows.height, colors=PALE, linewidth=0.6, transform=place, clip_on=False, label="ranks", zorder=1
    )
    ax.hlines(y, chart.rank[:, 1], chart.rank[:, 2], colors=inks, linewidth=1.8, transform=place, clip_on=False,
              label="rank interval", zorder=2.5)  # fmt: skip
    for number, (_, _, shape, _) in enumerate(chart.groups):
        inside = chart.group == number
        faces = [ink for ink, there in zip(inks, inside, strict=True) if there]
        ax.scatter(chart.rank[inside, 0], y[inside], marker=shape, s=0.8 * _SIZES[shape], linewidths=0.0, c=faces,
                   transform=place, clip_on=False, label="rank", zorder=4)  # fmt: skip
    step = _PANEL / (last - 1)
    for tick in ticks:
        pen.write(str(tick), 1, 0, start + (tick - 1) * step, -7, to="axes fraction", size=8.5, color=GREY, ha="center")
    bounds = [f"{low:.0f}–{high:.0f}" if np.isfinite(low) else "" for _, low, high in chart.rank]
    end = rows.draw_figures(pen, [Figures(chart.words["interval"], bounds, chart.figure_inks)], start + _PANEL)
    pen.write(chart.words["rank"], 1, 1, start, 5, to="axes fraction", size=8.5, color=GREY, va="baseline")
    return end


def _panel(pen: Pen, start: float, last: float) -> Transform:
    """From (rank, place of the row) to the panel that begins ``start`` points right of the axes."""
    across = Affine2D().translate(-1, 0).scale(_PANEL / (last - 1), 1).translate(start, 0)
    return blended_transform_factory(across + pen.points(1, 0), pen.ax.transData)


def _rank_ticks(last: int) -> list[int]:
    """The first rank, the last, and a few round ones between.

    >>> _rank_ticks(6), _rank_ticks(11), _rank_ticks(40)
    ([1, 2, 3, 4, 5, 6], [1, 4, 6, 8, 11], [1, 10, 20, 30, 40])
    """
    step = 1 if last <= 8 else next(step for step in (2, 5, 10, 20, 50, 100, 200, 500, 10**9) if last / step <= 6)
    return [1, *(k for k in range(step, last, step) if k - 1 > step / 2 < last - k or step == 1 < k), last]


def _key(chart: _StoreChart) -> dict[str, Line2D]:
    """What the marks mean: the groups first."""
    dot: dict[str, Any] = {"linewidth": 1.8, "markersize": 6, "markeredgewidth": 0}
    key = {}
    for number, (_, words, shape, color) in enumerate(chart.groups):
        if chart.modelled and (chart.group == number).any():
            key[words or chart.words["pulled"]] = Line2D([], [], color=color, marker=shape, **dot)
    if chart.few.any():
        key[chart.words["floor"]] = Line2D([], [], color=GREY, marker="o", **dot)
    hollow: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markeredgewidth": 1.1, "color": INK}
    if chart.modelled:
        key[chart.words["raw"]] = Line2D([], [], linestyle="", markersize=4, **hollow)
        key[chart.words["toward"]] = Line2D(
            [], [], color=INK, marker="|", markersize=8, markeredgewidth=1.3, linestyle=""
        )
    else:
        key[chart.words["raw interval"]] = Line2D([], [], linewidth=1.8, markersize=5.5, **hollow)
    first, last = chart.reach
    if (chart.low < first).any() or (chart.high > last).any():
        key[chart.words["beyond"]] = Line2D([], [], color=INK, marker=">", markersize=6, linestyle="")
    if "threshold" in chart.lines and first <= chart.lines["threshold"] <= last:
        key[chart.words["threshold"]] = Line2D([], [], color=INK, linewidth=0.9, linestyle="dashed")
    return key
