"""The forest plot: many estimates below each other, each a point on its interval, against the line of no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS, REASONS
from servqual.measures import CAUTION
from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined, span
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, Pen, pyplot_axes
from survey_design.results import Column, Language, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.comparison import Comparison

Array = NDArray[Any]

_WORDS: Mapping[str, Text] = {
    "clear": {"en": "interval excludes {null}", "zh": "区间不包含 {null}"},
    "open": {"en": "interval includes {null}", "zh": "区间包含 {null}"},
    "beyond": {"en": "interval goes on beyond the axis", "zh": "区间超出坐标范围"},
    "interval": {"en": "{level} CI", "zh": "{level} 置信区间"},
    "p": {"en": "p", "zh": "p"},
    "worse": {"en": "← first worse", "zh": "← 前者较差"},
    "better": {"en": "first better →", "zh": "前者较好 →"},
    "base": {"en": "n = {n} (both groups together);", "zh": "n = {n}（两组合计）；"},
    "method": {
        "en": "difference of the gap, first group less second; {level} confidence intervals, each by itself; p adjusted over "
        "the whole table: {adjust}; bold where it is below {alpha}. {comparability}",
        "zh": "差距之差，前者减后者；{level} 置信区间，逐行计算；p 值校正：{adjust}（全表），低于 {alpha} 者加粗。{comparability}",
    },
    "untested": {
        "en": "Whether the groups may be compared (measurement invariance) has not been tested.",
        "zh": "各组是否可比（测量不变性）尚未检验。",
    },
    "all": {"en": "All rows: {note}.", "zh": "各行：{note}。"},
}


def draw_comparison(table: Comparison, ax: Axes | None = None) -> Axes:
    """Differences between groups: a row "A − B" for every pair, its interval, and p after correction in figures.

    Under the heading of each dimension the pairs stand from the largest positive difference to the largest negative
    one; pairs without a difference come last, with their reason. Positive: the first group falls less short of
    expectation. The intervals are those of single comparisons, as in the table; the p-values allow for the number of
    comparisons. So an interval may exclude 0 where p is large: then the p counts, and
    it alone makes figures bold. Where a few intervals are far wider than the rest, the axis ends before them, with an
    arrowhead.

    Parameters
    ----------
    table : Comparison, from :func:`servqual.comparison.compare`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        As in :func:`draw_forest`.

    Raises
    ------
    SpecError
        If the table has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, compare, load_instrument, score_gaps
    >>> from servqual.plots import new_axes
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame(
    ...     {
    ...         "tier": list("aaabbb"),
    ...         **{column: [7, 6, 6, 7, 6, 7] for column in instrument.columns("expectation").values()},
    ...         **{column: [6, 5, 6, 4, 3, 3] for column in instrument.columns("perception").values()},
    ...     }
    ... )
    >>> table = compare(score_gaps(Responses(data, instrument), by="tier"), "tier")
    >>> draw_comparison(table, new_axes()).get_yticklabels()[0].get_text()
    'a − b'
    """
    chart = _comparison_chart(table)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _comparison_chart(table.in_language("en")), LATIN
    return _draw(chart, Pen(pyplot_axes() if ax is None else ax, fonts))


def draw_forest(
    labels: Sequence[str],
    value: Sequence[float] | Array,
    low: Sequence[float] | Array,
    high: Sequence[float] | Array,
    *,
    blocks: Sequence[str] = (),
    p: Sequence[float] | Array = (),
    n: Sequence[float] | Array = (),
    remarks: Sequence[str] = (),
    null: float = 0.0,
    log: bool = False,
    limits: tuple[float, float] | None = None,
    also: Sequence[float] | Array = (),
    heading: Column = NUMBER_COLUMNS["estimate"],
    ends: tuple[str, str] = ("", ""),
    title: str = "",
    caption: str = "",
    level: float = 0.95,
    language: Language = "en",
    ax: Axes | None = None,
) -> Axes:
    """Estimates with their intervals against a line of no effect: coefficients, odds ratios, differences.

    Rows stand in the order given. The dot is solid where the interval excludes ``null``, hollow where it includes it or
    there is none. Figures are bold where p is below ``1 - level``, or, without p, where the dot is solid. Where an interval leaves the axis an arrowhead says so, and the figures at the right have it in full.

    Parameters
    ----------
    labels, value, low, high : one of each a row; nan where there is none
    blocks : heading that each row stands under, "" for none; rows of one heading stand together
    p, n, remarks : columns in figures, and words why a number is missing or how it must be read
    null : value of no effect: 0 for differences, 1 for ratios
    log : draw ratios on a logarithmic axis, so that 2 and 1/2 are equally far from 1
    limits : ends of the axis; without them every interval and ``null`` are on it
    also : further values that must lie on the axis, for what the caller draws
    heading : the column of the values: its heading and how they are shown
    ends : what the left and the right end of the axis mean
    title, caption, level : words above, words below, confidence of the intervals
    language : of the words that the picture adds
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections: "interval", "estimate", "null" is the line of no effect, and "beyond" the arrowheads.

    Raises
    ------
    SpecError
        If there are no rows, the lengths differ, or a logarithmic axis is to show values that are not positive.

    References
    ----------
    Lewis and Clarke (2001), BMJ 322, 1479-1480, doi:10.1136/bmj.322.7300.1479.

    Examples
    --------
    >>> from servqual.plots import new_axes
    >>> ax = draw_forest(["waiting time", "staff"], [2.0, 0.8], [1.2, 0.5], [3.4, 1.3], null=1, log=True, ax=new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['waiting time', 'staff']
    """
    numbers = _checked(labels, {"value": value, "low": low, "high": high}, {"p": p, "n": n}, blocks, remarks)
    drawn = [
        *(each[np.isfinite(each)] for each in (numbers["value"], numbers["low"], numbers["high"])),
        [null],
        limits or [null],
        also,
    ]
    if log and not all((np.asarray(each) > 0).all() for each in drawn):
        raise SpecError(
            "a logarithmic axis shows positive numbers only (odds ratios, not their logarithms). Use log=False."
        )
    k = len(labels)
    chart = _Forest(
        title=title, labels=tuple(map(str, labels)), blocks=tuple(blocks) or ("",) * k, remarks=tuple(remarks) or ("",) * k,
        **numbers, null=null, log=log, limits=limits, also=tuple(also), level=level, column=heading, value_heading=heading.heading(language),
        words=_words(language, level, null), ends=ends, caption=caption,
    )  # fmt: skip
    fonts = fonts_for(chart.texts())
    if fonts is None:  # the caller's words can't be translated, ours can
        chart, fonts = replace(chart, words=_words("en", level, null), value_heading=heading.heading("en")), LATIN
    return _draw(chart, Pen(pyplot_axes() if ax is None else ax, fonts))


def _words(language: str, level: float, null: float) -> dict[str, str]:
    """The words of the key and the headings."""
    words = {key: say(_WORDS[key], language) for key in ("clear", "open", "beyond", "interval", "p")}
    words = {
        key: text.replace("{null}", f"{null:g}").replace("{level}", f"{100 * level:g}%") for key, text in words.items()
    }
    return words | {"n": NUMBER_COLUMNS["n"].heading(language)}


def _checked(
    labels: Sequence[str],
    needed: dict[str, Any],
    wanted: Mapping[str, Any],
    blocks: Sequence[str],
    remarks: Sequence[str],
) -> dict[str, Array]:
    """The numbers as arrays of one length, empty where none were given."""
    given = {**needed, **{name: each for name, each in wanted.items() if len(each)}}
    lengths = {name: len(each) for name, each in (*given.items(), ("blocks", blocks), ("remarks", remarks))}
    wrong = [
        f"{name} has {length}"
        for name, length in lengths.items()
        if length != len(labels) and (length or name in needed)
    ]
    if not len(labels) or wrong:
        raise SpecError(
            f"a forest plot needs one of each a row: there are {len(labels)} labels{'; ' if wrong else ''}{', '.join(wrong)}."
        )
    return {name: np.asarray(each, dtype=float) for name, each in (needed | dict(wanted)).items()}


@dataclass(frozen=True, eq=False)
class _Forest:
    """The words and numbers of a forest plot; ``p`` and ``n`` are empty where there is no such column."""

    title: str
    labels: tuple[str, ...]
    blocks: tuple[str, ...]
    remarks: tuple[str, ...]
    value: Array
    low: Array
    high: Array
    p: Array
    n: Array
    null: float
    log: bool
    limits: tuple[float, float] | None
    level: float
    column: Column
    value_heading: str
    words: Mapping[str, str]
    ends: tuple[str, str] = ("", "")
    caption: str = ""
    also: Sequence[float] | Array = ()

    @property
    def clear(self) -> Array:
        """(k,) True where the interval excludes the null."""
        return np.asarray((self.low > self.null) | (self.high < self.null))

    @property
    def reach(self) -> tuple[float, float]:
        """Ends of the axis, on its own scale."""
        inside = [float(x) for each in (self.value, self.low, self.high, self.also) for x in each if np.isfinite(x)]
        low, high = self.limits or (min(inside, default=self.null), max(inside, default=self.null))
        ends = np.array([min(low, self.null), max(high, self.null)], dtype=float)
        if self.limits is None:  # a little air beside the outermost bounds
            ends = np.log(ends) if self.log else ends
            air = 0.04 * (ends[1] - ends[0]) or 0.5
            ends = ends + np.array([-air, air])
            ends = np.exp(ends) if self.log else ends
        return float(ends[0]), float(ends[1])

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, self.value_heading, *self.ends, *self.words.values())
        yield from (*self.labels, *self.blocks, *self.remarks)


def _comparison_chart(table: Comparison) -> _Forest:
    if table.frame.empty:
        raise SpecError("a forest plot needs rows; this comparison has none.")
    language, level, frame = table.language, f"{100 * table.level:g}%", _sorted(table)
    columns = {column.name: column for column in table.columns()}
    blocks = [columns["dimension"].show(name, language) for name in frame["dimension"]]
    remarks = [say(REASONS[reason], language) for reason in frame["reason"]]
    said = table.comparability or say(_WORDS["untested"], language)
    alpha = f"{1 - table.level:.3g}".lstrip("0")
    method = (
        say(_WORDS["method"], language)
        .replace("{level}", level)
        .replace("{alpha}", alpha)
        .replace("{comparability}", said)
    )
    parts = [say(_WORDS["base"], language).replace("{n}", span(frame["n"])),
             method.replace("{adjust}", say(ADJUSTMENTS[table.adjust], language))]  # fmt: skip
    if len(frame) > 1 and len(set(remarks)) == 1 and remarks[0]:  # said once
        parts, remarks = [*parts, say(_WORDS["all"], language).replace("{note}", remarks[0])], [""] * len(remarks)
    names = {"value": "difference", "low": "low", "high": "high", "p": "p_adjusted", "n": "n"}
    numbers = {ours: frame[name].to_numpy(float) for ours, name in names.items()}
    limits = _limits(*(numbers[name] for name in ("value", "low", "high")))
    if len(set(numbers["n"])) == 1:
        numbers["n"] = np.array([])
    words = _words(language, table.level, 0.0) | {"p": NUMBER_COLUMNS["p_adjusted"].heading(language)}
    return _Forest(
        title=table.title(), labels=tuple(_pair(table, columns, row) for row in frame.to_dict("records")), blocks=tuple(blocks),
        remarks=tuple(remarks), **numbers, null=0.0, log=False, limits=limits, level=table.level, column=columns["difference"],
        value_heading=columns["difference"].heading(language), words=words,
        ends=(say(_WORDS["worse"], language), say(_WORDS["better"], language)),
        caption=joined([*parts, say(CAUTION, language) if table.cautious else ""], language),
    )  # fmt: skip


def _limits(value: Array, low: Array, high: Array) -> tuple[float, float] | None:
    """Ends of the axis where a few very wide intervals would squeeze all others; every point stays on it."""
    bounds = np.fmax(np.abs(low), np.abs(high))
    bounds = bounds[np.isfinite(bounds)]
    if not len(bounds):
        return None
    most = max(4 * float(np.median(bounds)), 1.1 * float(np.nanmax(np.abs(value))))
    if bounds.max() <= most:
        return None
    return max(float(np.nanmin(low)), -most), min(float(np.nanmax(high)), most)


def _sorted(table: Comparison) -> pd.DataFrame:
    """Dimensions in the order of the table, within each the differences from the highest to the lowest."""
    frame = table.frame
    rank = {name: place for place, name in enumerate(dict.fromkeys(frame["dimension"]))}
    place = frame["dimension"].map(rank)
    return frame.assign(_place=place).sort_values(
        ["_place", "difference"], ascending=[True, False], kind="stable", na_position="last"
    )


def _pair(table: Comparison, columns: Mapping[str, Column], row: Mapping[Any, Any]) -> str:
    """The two groups, and in brackets what they have in common."""
    zh = table.language == "zh"
    pair = f"{columns[table.by].show(row[table.by], table.language)} − {columns['against'].show(row['against'], table.language)}"
    shared = [column.show(row[column.name], table.language) for column in table.by_columns if column.name != table.by]
    if not shared:
        return pair
    return f"{pair}（{'、'.join(shared)}）" if zh else f"{pair} ({', '.join(shared)})"


# Drawing it


def _draw(chart: _Forest, pen: Pen) -> Axes:
    drawn = np.isfinite(chart.value)
    noted = [bool(remark) and bool(there) for remark, there in zip(chart.remarks, drawn, strict=True)]
    rows = Rows.stacked(pen, chart.labels, chart.blocks, noted)
    _draw_axis(pen, chart, rows.height)
    _draw_estimates(pen, chart, np.array(rows.places))
    left = rows.draw_labels(pen)
    rows.draw_remarks(pen, chart.remarks)
    right = rows.draw_figures(pen, _figures(chart))
    named = _key(chart)
    key = pen.key(named, left, right) if named else 20.0  # without any interval the dots need no key
    top = pen.title(chart.title, left, right, key) if chart.title else key
    bottom = draw_foot(pen, chart.ends, chart.caption, left, right)
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


def _draw_axis(pen: Pen, chart: _Forest, height: float) -> None:
    """The axis with a few round numbers, and the line of no effect."""
    low, high = chart.reach
    if chart.log:
        pen.ax.set_xscale("log")
        pen.ax.minorticks_off()
    ticks = (
        _log_ticks(low, high)
        if chart.log
        else [float(x) for x in MaxNLocator(6).tick_values(low, high) if low <= x <= high]
    )
    labels = [f"{tick:.6g}".replace("-", "−") for tick in ticks]
    pen.ax.set(xlim=(low, high))
    draw_grid(pen, ticks, labels, height)
    pen.ax.vlines(chart.null, 0, height, colors=INK, linewidth=0.9, label="null", zorder=1.4)


def _log_ticks(low: float, high: float) -> list[float]:
    """At most seven round numbers, spread as evenly as 1-2-5 or whole powers of ten allow.

    >>> _log_ticks(0.3, 5), _log_ticks(0.0004, 2000)
    ([0.5, 1.0, 2.0, 5.0], [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0])
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps, every in (((1, 2, 5), 1), ((1,), 1), ((1,), 2), ((1,), 4)):
        ticks = [float(f"{step}e{power}") for power in powers if power % every == 0 for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 7:
            break
    return ticks


def _draw_estimates(pen: Pen, chart: _Forest, places: Array) -> None:
    ax, (first, last) = pen.ax, chart.reach
    colors = [GREY if remark else BLUE for remark in chart.remarks]
    low, high = np.clip(chart.low, first, last), np.clip(chart.high, first, last)
    ax.hlines(places, low, high, colors=colors, linewidth=2.2, label="interval", zorder=3)
    for beyond, end, marker in ((chart.low < first, first, "<"), (chart.high > last, last, ">")):
        if beyond.any():
            faces = [color for color, there in zip(colors, beyond, strict=True) if there]
            ax.scatter(np.full(beyond.sum(), end), places[beyond], marker=marker, s=34, c=faces, label="beyond", zorder=4,
                       clip_on=False)  # fmt: skip
    shown = np.where((chart.value >= first) & (chart.value <= last), chart.value, np.nan)
    faces = [color if clear else "white" for color, clear in zip(colors, chart.clear, strict=True)]
    ax.scatter(shown, places, marker="o", s=36, linewidths=1.5, c=faces, edgecolors=colors, label="estimate", zorder=5,
               clip_on=False)  # fmt: skip


def _figures(chart: _Forest) -> list[Figures]:
    """Value, interval, p and n in figures."""
    inks = [GREY if remark else INK for remark in chart.remarks]
    show = [[chart.column.show(x, "en") for x in each] for each in (chart.value, chart.low, chart.high)]
    finite = np.isfinite(chart.low) & np.isfinite(chart.high)
    intervals = [f"[{low}, {high}]" if there else "" for low, high, there in zip(show[1], show[2], finite, strict=True)]
    settled = chart.p < 1 - chart.level if len(chart.p) else chart.clear
    strong = [bool(sure) and not remark for sure, remark in zip(settled, chart.remarks, strict=True)]
    columns = [Figures(chart.value_heading, show[0], inks, strong)]
    if finite.any():
        columns.append(Figures(chart.words["interval"], intervals, inks))
    if len(chart.p):
        columns.append(Figures(chart.words["p"], [NUMBER_COLUMNS["p"].show(x, "en") for x in chart.p], inks))
    if len(chart.n):
        columns.append(Figures(chart.words["n"], [NUMBER_COLUMNS["n"].show(x, "en") for x in chart.n]))
    return columns


def _key(chart: _Forest) -> dict[str, Line2D]:
    blue = GREY if all(chart.remarks) else BLUE
    dot: dict[str, Any] = {"color": blue, "marker": "o", "markersize": 6, "markeredgewidth": 1.5, "linewidth": 2.2}
    key, (first, last) = {}, chart.reach
    if chart.clear.any():
        key[chart.words["clear"]] = Line2D([], [], **dot)
    if (np.isfinite(chart.low) & ~chart.clear).any():
        key[chart.words["open"]] = Line2D([], [], markerfacecolor="white", **dot)
    if ((chart.low < first) | (chart.high > last)).any():
        key[chart.words["beyond"]] = Line2D([], [], color=blue, marker=">", markersize=6, linestyle="")
    return key
