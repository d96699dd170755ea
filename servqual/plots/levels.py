"""How much lies between stores, and how many interviews does a dependable mean take? ICC(1) beside the interviews needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.measures import CAUTION
from servqual.plots.rows import Figures, Rows, draw_grid, joined, second_axes
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Column, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.levels import GroupReliability

Array = NDArray[Any]

_GAP = 30.0  # points between the panels
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_FINE_TICKS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000)
_MOST = 2000.0  # interviews beyond which nobody goes: the axis ends here
_LOOKS = (("o", BLUE, BLUE), ("o", "white", BLUE), ("D", "white", VERMILION))

_WORDS: Mapping[str, Text] = {
    "icc": {"en": "ICC(1), {level} interval", "zh": "ICC(1)，{level} 区间"},
    "needed": {"en": "interviews per group (log scale)", "zh": "每组访问数（对数坐标）"},
    "wanted": {"en": "needed for a reliability of {wanted:g}", "zh": "均值信度达 {wanted:g} 所需"},
    "present": {"en": "per group now: {n0:.1f}", "zh": "现有每组：{n0:.1f}"},
    "beyond": {"en": "goes on beyond the axis, or no number will do", "zh": "超出坐标范围，或再多也不够"},
    "icc2": {"en": "ICC(2)", "zh": "ICC(2)"},
    "caption": {
        "en": "ICC(1): share of the variance that lies between groups. Right: interviews per group at which a group's mean has the "
        "wanted reliability, the line from the interval of ICC(1) for the highest of these; ICC(2): reliability with the present number.",
        "zh": "ICC(1)：组间方差占比。右：组均值达到所需信度的每组访问数，横线为其中最高信度按 ICC(1) 区间换算；ICC(2)：现有访问数下的信度。",
    },
}  # fmt: skip


def draw_levels(result: GroupReliability, ax: Axes | None = None) -> Axes:
    """ICC(1) of each dimension with its interval, and beside it the interviews per group that a dependable mean takes.

    Left: the share of the variance that lies between groups; the upright line is 0, where groups do not differ. Right: for each
    reliability that was wanted, how many interviews a group's mean needs; the dashed line is what groups have now. A mark left of it
    is reached. Arrowheads stand where the axis ends before the interval does.

    Parameters
    ----------
    result : GroupReliability, from :func:`servqual.levels.group_reliability`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        The axes of ICC(1), with collections "interval" and "icc1"; those of the interviews are their child (``ax.child_axes[0]``),
        with one collection per wanted reliability ("needed_70", …), "needed interval", "beyond" and the line "present".

    Raises
    ------
    SpecError
        If no row has an ICC.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.instruments import load_instrument
    >>> from servqual.levels import group_reliability
    >>> from servqual.plots import new_axes
    >>> from servqual.responses import Responses
    >>> instrument = load_instrument("servperf-22")
    >>> scores = [2, 3, 1, 4, 5, 4, 4, 3, 5, 7, 6, 6]
    >>> data = pd.DataFrame({column: scores for column in instrument.columns("perception").values()})
    >>> data["store"] = [name for name in "ABCD" for _ in range(3)]
    >>> ax = draw_levels(group_reliability(Responses(data, instrument)), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Tangibles', 'Reliability', 'Responsiveness', 'Assurance', 'Empathy', 'All items']
    """
    if not np.isfinite(result.frame["icc1"]).any():
        raise SpecError("a picture of levels needs at least one ICC; this result has none.")
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    return _draw(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture, a row for each scale.

    Attributes
    ----------
    icc : (k, 3) ICC(1) and its bounds
    needed : column -> (k,) interviews, infinite where none will do
    reach : (k, 2) bounds of the interviews for the highest reliability wanted
    present : interviews that groups have now
    """

    title: str
    labels: tuple[str, ...]
    remarks: tuple[str, ...]
    icc: Array
    needed: Mapping[str, Array]
    reach: Array
    present: float
    icc2: tuple[str, ...]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> list[str]:
        """Everything that will be written."""
        return [self.title, self.caption, *self.labels, *self.remarks, *self.words.values()]


def _chart(result: GroupReliability) -> _Chart:
    frame, language = result.frame, result.language
    columns = {column.name: column for column in result.columns()}
    level = f"{100 * result.level:g}%"
    names = result.needed_columns
    most = names[max(result.wanted)]
    present = float(frame["n0"].dropna().iloc[-1])
    words = {key: say(text, language) for key, text in _WORDS.items() if key != "wanted"}
    words |= {"icc": words["icc"].format(level=level), "present": words["present"].format(n0=present)}
    words |= {name: say(_WORDS["wanted"], language).format(wanted=each) for each, name in names.items()}
    reasons = frame["reason"] if "reason" in columns else [""] * len(frame)
    two = Column("icc2", {}, "number")
    return _Chart(
        title=result.title(), labels=tuple(columns[result.what].show(each, language) for each in frame[result.what]),
        remarks=tuple(columns["reason"].show(each, language) if each else "" for each in reasons),
        icc=frame[["icc1", "icc1_low", "icc1_high"]].to_numpy(float),
        needed={name: frame[name].to_numpy(float) for name in names.values()},
        reach=frame[[f"{most}_low", f"{most}_high"]].to_numpy(float), present=present,
        icc2=tuple(two.show(each, language) for each in frame["icc2"]), words=words,
        caption=joined([words["caption"], _base(result), say(CAUTION, language) if result.cautious else ""], language),
    )  # fmt: skip


def _base(result: GroupReliability) -> str:
    """Groups and respondents."""
    groups, n = int(result.frame["groups"].max()), int(result.frame["n"].max())
    return f"{groups} 个组，{n:,} 人。" if result.language == "zh" else f"{groups} groups, {n:,} respondents."


# Drawing it


def _draw(pen: Pen, chart: _Chart) -> Axes:
    k = len(chart.labels)
    rows = Rows.stacked(pen, chart.labels, [""] * k, [bool(each) for each in chart.remarks])
    places = np.array(rows.places)
    _draw_shares(pen, chart, rows.height, places)
    left = rows.draw_labels(pen)
    beside = _beside(pen, chart, left)
    right = rows.draw_figures(pen, [Figures(chart.words["icc2"], chart.icc2)], beside)
    _draw_needed(Pen(second_axes(pen, _GAP, beside), pen.fonts), chart, rows.height, places)
    pen.write(chart.words["icc"], 0, 1, 0, 5, to="axes fraction", size=8.5, color=GREY, va="baseline")
    rows.draw_remarks(pen, chart.remarks)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, 26.0))
    return pen.ax


def _beside(pen: Pen, chart: _Chart, left: float) -> float:
    """Where the second panel ends, from the end of the first: both are equally wide."""
    figures = 16 + max(pen.width(text) for text in (chart.words["icc2"], *chart.icc2))
    room = pen.full_width(left, 0) - left - figures - _GAP
    return _GAP + max(room, 80) / 2


def _draw_shares(pen: Pen, chart: _Chart, height: float, places: Array) -> None:
    drawn = chart.icc[np.isfinite(chart.icc)]
    low, high = min(float(drawn.min()), 0.0), max(float(drawn.max()), 0.05)
    air = 0.04 * (high - low)
    ends = (low - air if low < 0 else 0.0, high + air)
    pen.ax.set(xlim=ends)
    ticks = [float(t) for t in MaxNLocator(5).tick_values(*ends) if ends[0] <= t <= ends[1]]
    draw_grid(pen, ticks, [f"{t:.2f}".replace("-", "−") for t in ticks], height)
    pen.ax.tick_params(axis="x", labeltop=False)
    pen.ax.vlines(0, 0, height, colors=INK, linewidth=0.9, label="zero", zorder=1.4, clip_on=False)
    pen.ax.hlines(places, chart.icc[:, 1], chart.icc[:, 2], colors=BLUE, linewidth=1.8, label="interval", zorder=2.5)
    pen.ax.scatter(chart.icc[:, 0], places, s=36, color=BLUE, label="icc1", zorder=4, clip_on=False)


def _draw_needed(pen: Pen, chart: _Chart, height: float, places: Array) -> None:
    ax, ends = pen.ax, _ends(chart)
    ax.set(xscale="log", xlim=ends)
    offered = _TICKS if ends[1] > 20 * ends[0] else _FINE_TICKS
    ticks = [float(t) for t in offered if ends[0] <= t <= ends[1]]
    draw_grid(pen, ticks, [f"{t:,.0f}" for t in ticks], height)
    ax.minorticks_off()
    ax.tick_params(axis="x", labeltop=False)  # the words about the panel stand there
    ax.set_yticks([])
    low, high = (np.clip(chart.reach[:, side], *ends) for side in (0, 1))
    ax.hlines(places, low, high, colors=GREY, linewidth=1.8, label="needed interval", zorder=2.2)
    beyond = np.isfinite(chart.icc[:, 0]) & (chart.reach[:, 1] > ends[1])
    if beyond.any():
        ax.scatter(
            np.full(beyond.sum(), ends[1]),
            places[beyond],
            marker=">",
            s=30,
            color=GREY,
            label="beyond",
            zorder=3,
            clip_on=False,
        )
    ax.axvline(chart.present, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), label="present", zorder=2)
    for name, number in chart.needed.items():
        inside, (marker, face, edge) = np.where(number <= ends[1], number, np.nan), _look(chart, name)
        ax.scatter(
            inside,
            places,
            s=36,
            marker=marker,
            c=face,
            edgecolors=edge,
            linewidths=1.5,
            label=name,
            zorder=4,
            clip_on=False,
        )
    pen.write(chart.words["needed"], 0, 1, 0, 5, to="axes fraction", size=8.5, color=GREY, va="baseline")


def _look(chart: _Chart, name: str) -> tuple[str, str, str]:
    """Marker, face and edge of a wanted reliability: the highest, to which the line belongs, is solid."""
    return _LOOKS[(len(chart.needed) - 1 - list(chart.needed).index(name)) % len(_LOOKS)]


def _ends(chart: _Chart) -> tuple[float, float]:
    """Ends of the axis of interviews: round numbers about all that is drawn, not beyond what anybody would ask."""
    drawn = np.concatenate([*chart.needed.values(), chart.reach.ravel(), [chart.present]])
    drawn = drawn[np.isfinite(drawn)]
    low, high = max(float(drawn.min()), 1.0) * 0.85, min(float(drawn.max()), _MOST) * 1.15
    return low, max(high, 2 * low)


def _key(chart: _Chart) -> dict[str, Any]:
    """What is drawn, no more."""
    key: dict[str, Any] = {}
    for name in chart.needed:
        marker, face, edge = _look(chart, name)
        key[chart.words[name]] = Line2D([], [], linestyle="none", marker=marker, markersize=6, markeredgewidth=1.5,
                                        markerfacecolor=face, markeredgecolor=edge)  # fmt: skip
    key[chart.words["present"]] = Line2D([], [], color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
    if (np.isfinite(chart.icc[:, 0]) & (chart.reach[:, 1] > _ends(chart)[1])).any():
        key[chart.words["beyond"]] = Line2D([], [], color=GREY, marker=">", markersize=6, linewidth=1.8)
    return key
