"""Pictures of who is ahead: differences from competitors as a forest, and stores at their distances from the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS
from servqual.plots.forest import draw_forest
from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.benchmark import CompetitorComparison
    from servqual.best_stores import BenchmarkStores

Array = NDArray[Any]

_WORDS: Mapping[str, Text] = {
    "worse": {"en": "← own lower", "zh": "← 本公司较低"},
    "better": {"en": "own higher →", "zh": "本公司较高 →"},
    "forest": {"en": "Stores of the same {within} only, averaged with the same weights. {level} intervals with stores as clusters, each "
                     "by itself; p adjusted over the whole table: {adjust}; bold where it is below {alpha}.",
               "zh": "仅比较同一{within}的门店，双方采用相同权重。{level} 区间以门店为群，逐行计算；p 值校正：{adjust}（全表），低于 {alpha} 者加粗。"},
    "far": {"en": "← further below the benchmark", "zh": "← 低于标杆更多"},
    "benchmark": {"en": "benchmark store", "zh": "标杆门店"},
    "above": {"en": "above it, but not fit →", "zh": "高于标杆但不宜作标杆 →"},
    "clear": {"en": "{level} interval of the distance excludes 0", "zh": "差距的 {level} 区间不包含 0"},
    "open": {"en": "includes 0", "zh": "区间包含 0"},
    "best": {"en": "P(best)", "zh": "最佳概率"},
    "score": {"en": "score", "zh": "得分"},
    "candidates": {"en": "may be best", "zh": "可能最佳"},
    "none": {"en": "no store is fit to be a benchmark", "zh": "没有合适的标杆门店"},
    "strip": {"en": "A dot is a store at its distance from the benchmark of its {within}, in points (means pulled towards their {within}). "
                    "May be best: the fewest stores of which one is the best with probability {level}.",
              "zh": "圆点为各门店与同级标杆的差距（分），均值已向同一{within}收缩。可能最佳：以 {level} 的概率包含最佳门店的最少家数。"},
    "apart": {"en": "In no {within} can a store be told apart as best.", "zh": "各{within}均无法断定哪家门店最佳。"},
}  # fmt: skip


def draw_competitors(table: CompetitorComparison, ax: Axes | None = None) -> Axes:
    """Own less competitor, score by score, with intervals: one competitor under categories, several under each score.

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`.
    """
    language, frame, column = table.language, table.frame, table.company
    several = frame["company"].nunique() > 1
    if several:  # scores in the order of the checklist, companies below each
        order = {name: k for k, name in enumerate(dict.fromkeys(zip(frame["part"], frame["id"], strict=True)))}
        place = [order[key] for key in zip(frame["part"], frame["id"], strict=True)]
        frame = frame.assign(_place=place).sort_values("_place", kind="stable").reset_index(drop=True)
    own = column.show(table.market.sides[0].name, language)
    labels = (
        [f"{own} − {column.show(name, language)}" for name in frame["company"]] if several else list(frame["label"])
    )
    blocks = list(frame["label"]) if several else _blocks(table, frame)
    filled = {"{level}": f"{100 * table.level:g}%", "{alpha}": f"{1 - table.level:.3g}".lstrip("0"), "{adjust}": say(ADJUSTMENTS[table.adjust], language),
              "{within}": table.market.sides[0].visits.column_of(table.market.within).heading(language)}  # fmt: skip
    title = table.title() if several else _titled(table, own, column.show(frame["company"].iloc[0], language))
    columns = {each.name: each for each in table.columns()}
    reasons = [
        columns["reason"].show(each, language) if each and "reason" in columns else "" for each in frame["reason"]
    ]
    return draw_forest(
        labels, *(frame[name].to_numpy(float) for name in ("difference", "low", "high")), blocks=blocks,
        p=frame["p_adjusted"].to_numpy(float), n=frame["n"].to_numpy(float), remarks=reasons, heading=columns["difference"],
        ends=(_filled("worse", language, {}), _filled("better", language, {})), title=title,
        caption=_filled("forest", language, filled), level=table.level, language=language, ax=ax,
    )  # fmt: skip


def _titled(table: CompetitorComparison, own: str, other: str) -> str:
    return f"得分差异：{own} − {other}" if table.language == "zh" else f"Differences of scores: {own} less {other}"


def _blocks(table: CompetitorComparison, frame: pd.DataFrame) -> list[str]:
    """Indicators stand under their categories, the others under none."""
    checklist = table.market.checklist
    category = {each.id: say(each.label, table.language) for each in checklist.categories}
    home = {each.id: category[each.category] for each in checklist.indicators}
    return [home[name] if part == "indicator" else "" for part, name in zip(frame["part"], frame["id"], strict=True)]


def _filled(key: str, language: str, blanks: Mapping[str, str]) -> str:
    words = say(_WORDS[key], language)
    for blank, filling in blanks.items():
        words = words.replace(blank, filling)
    return words


# --- distances ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Strips:
    """The words and numbers of the strips, a row for each tier.

    Attributes
    ----------
    away : for each tier, (k,) how far below its benchmark each store is; empty without one
    clear : for each tier, (k,) True where the interval of the distance excludes 0
    """

    title: str
    labels: tuple[str, ...]
    remarks: tuple[str, ...]
    away: tuple[Array, ...]
    clear: tuple[Array, ...]
    figures: tuple[Figures, ...]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.remarks, *self.words.values())
        for column in self.figures:
            yield from (column.heading, *column.cells)


def draw_benchmarks(result: BenchmarkStores, ax: Axes | None = None) -> Axes:
    """A strip for every tier: the benchmark at 0, every other store as far to the left as it is behind.

    Solid dots can be told apart from it: the interval of their distance excludes 0. A dot at the right is a store that scores higher but is
    not fit to be a benchmark. At the right: who it is, its shrunken score, its probability of being the best, and how many stores may be that.

    Returns
    -------
    Axes
        Collections "clear" and "open" (x = −distance), "benchmark".

    Raises
    ------
    SpecError
        If no tier has a benchmark.
    """
    if not result.frame["benchmark"].any():
        raise SpecError("there is no benchmark store to draw distances from: see the table's column 'fit'.")
    chart = _strips(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _strips(result.in_language("en")), LATIN
    return _draw(chart, Pen(pyplot_axes() if ax is None else ax, fonts))


def _strips(result: BenchmarkStores) -> _Strips:
    language, (store, tier) = result.language, result.by_columns
    filled = {"{level}": f"{100 * result.level:g}%", "{within}": tier.heading(language)}
    words = {key: _filled(key, language, filled) for key in _WORDS}
    tiers = result.tiers
    away, clear = [], []
    for name in tiers[result.within]:
        inside = result.frame[(result.frame[result.within] == name) & ~result.frame["benchmark"]]
        inside = inside[np.isfinite(inside["distance"])]
        away.append(-inside["distance"].to_numpy(float))
        clear.append(((inside["distance_low"] > 0) | (inside["distance_high"] < 0)).to_numpy())
    there = tiers["benchmark"].notna()
    share = [f"{100 * x:.0f}%" if np.isfinite(x) else "–" for x in tiers["best"]]
    inks = [INK] * len(tiers)
    figures = (
        Figures(words["benchmark"], [store.show(each, language) if ok else "–" for each, ok in zip(tiers["benchmark"], there, strict=True)], inks, list(tiers["told_apart"])),
        Figures(words["score"], [NUMBER_COLUMNS["score"].show(x, language) for x in tiers["shrunken"]], inks),
        Figures(words["best"], share, inks),
        Figures(words["candidates"], [f"{k}/{n}" for k, n in zip(tiers["candidates"], tiers["stores"], strict=True)]),
    )  # fmt: skip
    caption = [words["strip"], "" if tiers["told_apart"].any() else words["apart"]]
    return _Strips(
        title=result.title(), labels=tuple(tier.show(name, language) for name in tiers[result.within]),
        remarks=tuple("" if ok else words["none"] for ok in there), away=tuple(away), clear=tuple(clear), figures=figures,
        words=words, caption=joined(caption, language),
    )  # fmt: skip


def _draw(chart: _Strips, pen: Pen) -> Axes:
    k = len(chart.labels)
    rows = Rows.stacked(pen, chart.labels, [""] * k, [False] * k, 30.0)
    _draw_axis(pen, chart, rows.height)
    _draw_stores(pen, chart, rows.places)
    left = rows.draw_labels(pen)
    rows.draw_remarks(pen, chart.remarks)
    right = rows.draw_figures(pen, chart.figures)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    bottom = draw_foot(
        pen,
        (chart.words["far"], chart.words["above"] if any((away > 0).any() for away in chart.away) else ""),
        chart.caption,
        left,
        right,
    )
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


def _draw_axis(pen: Pen, chart: _Strips, height: float) -> None:
    drawn = np.concatenate([*chart.away, [0.0]])
    low, high = min(float(drawn.min()), -1.0), max(float(drawn.max()), 0.0)
    air = 0.05 * (high - low)
    ends = (low - air, high + air)
    ticks = [float(tick) for tick in MaxNLocator(6).tick_values(*ends) if ends[0] <= tick <= ends[1]]
    pen.ax.set(xlim=ends)
    draw_grid(pen, ticks, [f"{tick:g}".replace("-", "−") for tick in ticks], height)
    pen.ax.tick_params(axis="x", labeltop=False)
    pen.ax.vlines(0, 0, height, colors=INK, linewidth=0.9, label="zero", zorder=1.4)


def _draw_stores(pen: Pen, chart: _Strips, places: tuple[float, ...]) -> None:
    for name, face, wanted in (("clear", BLUE, True), ("open", "white", False)):
        x = [values[clear == wanted] for values, clear in zip(chart.away, chart.clear, strict=True)]
        y = [np.full(len(values), place) + _apart(values) for values, place in zip(x, places, strict=True)]
        pen.ax.scatter(np.concatenate(x), np.concatenate(y), s=30, c=face, edgecolors=BLUE, linewidths=1.2, alpha=0.9, label=name,
                       zorder=4 - wanted, clip_on=False)  # fmt: skip
    known = [place for place, remark in zip(places, chart.remarks, strict=True) if not remark]
    pen.ax.scatter(np.zeros(len(known)), known, marker="D", s=52, c=VERMILION, edgecolors="white", linewidths=0.8, label="benchmark",
                   zorder=6, clip_on=False)  # fmt: skip


def _apart(values: Array) -> Array:
    """Small shifts up and down, in the order of the values, so that dots at one place can be counted."""
    shift = np.zeros(len(values))
    shift[np.argsort(values, kind="stable")] = np.resize([0.0, 4.0, -4.0], len(values))
    return shift


def _key(chart: _Strips) -> dict[str, Any]:
    dot: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "markersize": 5.5,
        "markeredgewidth": 1.2,
        "markeredgecolor": BLUE,
    }
    key: dict[str, Any] = {
        chart.words["benchmark"]: Line2D([], [], linestyle="none", marker="D", markersize=7, color=VERMILION)
    }
    if any(clear.any() for clear in chart.clear):
        key[chart.words["clear"]] = Line2D([], [], markerfacecolor=BLUE, **dot)
    if any((~clear).any() for clear in chart.clear):
        key[chart.words["open"]] = Line2D([], [], markerfacecolor="white", **dot)
    return key
