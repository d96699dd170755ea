"""The answers themselves: stacked bars about the middle of the scale, and beside them those outside the base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS, REASONS
from servqual.plots.rows import Figures, Rows, dimension_blocks, group_label, joined, span
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, luminance, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.distributions import Distribution

Array = NDArray[Any]

_ANSWERS = LinearSegmentedColormap.from_list("answers", [VERMILION, "#F4BC97", "#DCDFE2", "#9CC9E5", BLUE])
_ROW, _FEW_ROW, _BAR, _PANEL = 18.0, 24.0, 0.72, 40.0  # points; a bar's share of its row; width of the panel's bars

_WORDS: Mapping[str, Text] = {
    "dont_know": {"en": "don't know", "zh": "不知道"},
    "missing": {"en": "no valid answer", "zh": "无有效回答"},
    "base": {"en": "n = {n};", "zh": "n = {n}；"},
    "shares": {"en": "{kind} of the valid answers in percent, {half} outside the bars: the sums below and above the middle.",
               "zh": "{kind}，以有效回答为基数，单位为 %{half}；条形两端为低于与高于中点的合计。"},
    "half": {"en": "the middle value half on each side;", "zh": "，中间值左右各半"},
    "plain": {"en": "shares", "zh": "比例"},
    "weighted": {"en": "weighted shares", "zh": "加权比例"},
    "dont_know outside": {"en": "Don't know is outside the base: respondents, and their share of all asked.",
                          "zh": "“不知道”不计入基数：所列为人数及其占全部被问者的比例。"},
    "missing outside": {
        "en": "Those without a valid answer are outside the base: respondents, and their share of all asked. Which of them "
        "said don't know is not known.",
        "zh": "无有效回答者不计入基数：所列为人数及其占全部被问者的比例；其中多少人答“不知道”未能区分。",
    },
}  # fmt: skip


def draw_distribution(result: Distribution, ax: Axes | None = None) -> Axes:
    """Diverging stacked bars: every item's answers, from lowest to highest, about the middle of the scale.

    Bars begin left of the middle line with the answers below the middle of the scale and end right of it with those
    above; where the scale has a middle value, half of it lies on each side. Shares are of the valid answers. Those who
    said that they don't know are no answer and no middle: they stand in a panel of their own at the right, with their
    number and their share of all asked; where the responses don't keep them apart from blanks, the panel shows all who
    gave no valid answer, and says so.

    Parameters
    ----------
    result : Distribution, from ``servqual.distributions.answer_distribution``
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        One container of bars for every value of the scale, labelled with the value, and one labelled "outside".

    References
    ----------
    Heiberger and Robbins (2014), Journal of Statistical Software 57(5), doi:10.18637/jss.v057.i05.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> from servqual.distributions import answer_distribution
    >>> from servqual.plots import new_axes
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [4, 6, 6, 7] for column in instrument.columns("perception").values()})
    >>> ax = draw_distribution(answer_distribution(Responses(data, instrument)), new_axes())
    >>> (fours,) = [bars for bars in ax.containers if bars.get_label() == "4"]
    >>> float(fours.patches[0].get_x()), float(fours.patches[0].get_width())  # a quarter, half of it on each side
    (-0.125, 0.25)
    """
    chart = _answer_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _answer_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    usual = _FEW_ROW if len(chart.rows) <= 8 else _ROW
    labels, blocks = [row.label for row in chart.rows], [row.block for row in chart.rows]
    rows = Rows.stacked(pen, labels, blocks, [False] * len(labels), usual)
    left = rows.draw_labels(pen)
    rows.draw_remarks(pen, [row.remark for row in chart.rows])
    base = rows.draw_figures(pen, [Figures(chart.n_heading, [f"{row.n:,}" for row in chart.rows])])
    right = _draw_outside(pen, chart, rows, base)
    _draw_bars(pen, chart, rows, pen.axes_width(left, right), usual * _BAR)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    bottom = pen.caption(chart.caption, left, right, 14.0)
    pen.fit(rows.height, left, right, top, bottom)
    return pen.ax


@dataclass(frozen=True, eq=False)
class _AnswerRow:
    """One bar; ``outside`` counts those beside the base."""

    block: str
    label: str
    remark: str
    shares: Array
    n: int
    outside: int
    asked: int


@dataclass(frozen=True, eq=False)
class _AnswerChart:
    """The words and numbers of a picture of distributions."""

    title: str
    rows: tuple[_AnswerRow, ...]
    values: Array
    value_words: tuple[str, ...]
    n_heading: str
    outside_heading: str
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.value_words, self.n_heading, self.outside_heading)
        for row in self.rows:
            yield from (row.block, row.label, row.remark)


def _answer_chart(result: Distribution) -> _AnswerChart:
    if result.instrument is None or result.frame.empty:
        raise SpecError("a picture of answers needs rows, and the instrument whose items were answered.")
    language, scale = result.language, result.instrument.scale
    words = {key: say(text, language) for key, text in _WORDS.items()}
    values = np.unique(result.frame["value"].to_numpy(float))
    rows = tuple(_answer_rows(result, len(values)))
    ends = {scale.low: say(scale.low_label, language), scale.high: say(scale.high_label, language)}
    value_words = tuple(f"{value:g} {ends.get(int(value), '')}".rstrip().replace("-", "−") for value in values)
    outside = "dont_know" if result.kinds_known else "missing"
    shares = words["shares"].replace("{kind}", words["weighted" if result.weighted else "plain"])
    shares = shares.replace("{half}", words["half"] if len(values) % 2 else "").replace("percent,  ", "percent; ")
    base = words["base"].replace("{n}", span(result.frame["n"]))
    caption = joined([base, shares, words[f"{outside} outside"]], language)
    heading = NUMBER_COLUMNS["n"].heading(language)
    return _AnswerChart(result.title(), rows, values, value_words, heading, words[outside], caption)


def _answer_rows(result: Distribution, k: int) -> Iterator[_AnswerRow]:
    """One row per item, or per item and group: items in the instrument's order, groups in that of the table."""
    frame, words, instrument = result.frame, result.words(), result.instrument
    items = list(dict.fromkeys(frame["item"]))
    homes = {} if instrument is None else dimension_blocks(instrument, "item", items, result.language)
    rank = {item: place for place, item in enumerate(items)}
    starts = sorted(range(0, len(frame), k), key=lambda start: rank[frame["item"].iloc[start]])
    for start in starts:
        part, first = frame.iloc[start : start + k], frame.iloc[start]
        label, block = say(words.get(first["item"], first["item"]), result.language), homes.get(first["item"], "")
        if result.by:
            label, block = group_label(result.by_columns, first, result.language), label
        n, missing = int(first["n"]), int(first["n_missing"])
        outside = int(first["n_dont_know"]) if result.kinds_known else missing
        remark = "" if n else say(REASONS["nobody"], result.language)
        yield _AnswerRow(block, label, remark, part["share"].to_numpy(float), n, outside, n + missing)


def _draw_bars(pen: Pen, chart: _AnswerChart, rows: Rows, width: float, height: float) -> None:
    """The bars, with their shares inside where there is room and the sums of both sides at their ends."""
    ax, shares = pen.ax, np.nan_to_num([row.shares for row in chart.rows])
    centre = (chart.values[0] + chart.values[-1]) / 2
    below, middle = shares[:, chart.values < centre].sum(axis=1), shares[:, chart.values == centre].sum(axis=1)
    starts = np.cumsum(shares, axis=1) - shares - (below + middle / 2)[:, None]
    reach = max((below + middle / 2).max(), 0.02), max((1 - below - middle / 2).max(), 0.02)
    room = max(width - 64, 40)  # the sums stand in 32 points at either end
    scale, digit = room / sum(reach), replace(pen, fonts=LATIN).width("0", 7.5)
    ax.set(xlim=(-reach[0] - 32 / scale, reach[1] + 32 / scale), ylim=(rows.height, 0), axisbelow=True)
    for k, color in enumerate(_ANSWERS(np.linspace(0, 1, len(chart.values)))):
        ax.barh(rows.places, shares[:, k], height, starts[:, k], color=color, edgecolor="white", linewidth=0.8,
                label=f"{chart.values[k]:g}", zorder=2)  # fmt: skip
        ink = "white" if luminance(color) < 0.19 else INK
        for share, start, y in zip(shares[:, k], starts[:, k], rows.places, strict=True):
            text = f"{100 * share:.0f}"
            if share * scale > digit * len(text) + 4:
                ax.text(
                    start + share / 2, y, text, ha="center", va="center_baseline", family=LATIN, size=7.5, color=ink
                )
    _draw_sums(pen, chart, rows, (starts[:, 0], below, 3 / scale), -1)
    _draw_sums(pen, chart, rows, (starts[:, -1] + shares[:, -1], 1 - below - middle, 3 / scale), 1)
    ax.axvline(0, color=INK, linewidth=0.8, zorder=1)  # behind the bars: the middle figures stay legible
    ax.set_xticks([])
    ax.grid(False)
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)


def _draw_sums(pen: Pen, chart: _AnswerChart, rows: Rows, sums: tuple[Array, Array, float], side: int) -> None:
    """The sum of one side at the end of each bar."""
    ends, totals, away = sums
    for row, end, total, y in zip(chart.rows, ends, totals, rows.places, strict=True):
        if row.n:
            pen.ax.text(end + side * away, y, f"{100 * total:.0f}%", ha="left" if side > 0 else "right",
                        va="center_baseline", **pen.look(8.5, INK, True))  # fmt: skip


def _draw_outside(pen: Pen, chart: _AnswerChart, rows: Rows, edge: float) -> float:
    """The panel of those outside the base: a bar, their number, their share of all asked; the width up to its end."""
    start, shares = edge + 14, np.array([row.outside / max(row.asked, 1) for row in chart.rows])
    most = max(shares.max(), 0.05)
    place = blended_transform_factory(pen.points(1, 0), pen.ax.transData)
    pen.ax.barh(
        rows.places, shares / most * _PANEL, 7.0, start, color=GREY, transform=place, clip_on=False, label="outside"
    )
    pen.ax.plot([start, start], [0, rows.height], color=PALE, linewidth=0.8, transform=place, clip_on=False)
    counts = [f"{row.outside:,}" for row in chart.rows]
    percents = [f"({100 * share:.0f}%)" if row.asked else "" for share, row in zip(shares, chart.rows, strict=True)]
    wide, wider = max(map(pen.width, counts)), max(pen.width(percent, 7.5) for percent in percents)
    end = start + max(_PANEL + 6 + wide + 4 + wider, pen.width(chart.outside_heading, 8.5))
    for count, percent, y in zip(counts, percents, rows.places, strict=True):
        pen.write(count, 1, y, end - wider - 4, ha="right", color=GREY)
        pen.write(percent, 1, y, end, ha="right", color=GREY, size=7.5)
    pen.write(chart.outside_heading, 1, 1, start, 5, to="axes fraction", size=8.5, color=GREY, va="baseline")
    return end


def _key(chart: _AnswerChart) -> dict[str, Patch]:
    colors = _ANSWERS(np.linspace(0, 1, len(chart.values)))
    return {words: Patch(facecolor=to_rgb(color[:3])) for words, color in zip(chart.value_words, colors, strict=True)}
