"""Pictures of complaints: what they are about, the few clusters that hold most of them, limits and promises kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from servqual.plots.rows import Figures, Rows, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.complaints.clusters import ComplaintClusters
    from servqual.complaints.promises import PromisesKept
    from servqual.complaints.shares import ComplaintShares
    from servqual.complaints.stages import Stage, StageLimits
    from survey_design.results import Result

Array = NDArray[Any]

_BELOW = 42.0
_WORDS: Mapping[str, Text] = {
    "interval": {"en": "share, {level} interval", "zh": "占比，{level} 区间"},
    "of complaints": {"en": "percent of complaints", "zh": "占投诉的百分比，%"},
    "of stage": {"en": "percent within the limit", "zh": "时限内完成的百分比，%"},
    "of promises": {"en": "percent of promises due", "zh": "占到期承诺的百分比，%"},
    "most": {"en": "The {most} largest of {all}.", "zh": "仅列最大的 {most} 类（共 {all} 类）。"},
    "own": {"en": "share of complaints", "zh": "占比"},
    "cumulative": {"en": "cumulative share", "zh": "累计占比"},
    "target": {"en": "{target} of complaints", "zh": "投诉的 {target}"},
    "n": {"en": "n", "zh": "投诉数"},
    "limit": {"en": "limit, h", "zh": "时限，小时"},
    "median": {"en": "median, h", "zh": "中位数，小时"},
    "open": {"en": "open", "zh": "未完成"},
    "due": {"en": "due", "zh": "到期"},
    "overdue": {"en": "overdue", "zh": "逾期未决"},
}


@dataclass(frozen=True, eq=False)
class _Bars:
    """Rows with a share, its interval, and figures beside them; shares in percent."""

    title: str
    labels: tuple[str, ...]
    share: Array
    low: Array
    high: Array
    figures: tuple[tuple[str, tuple[str, ...]], ...]
    unit: str
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, self.unit, *self.labels, *self.words.values())


def _words(result: Any, **blanks: str) -> dict[str, str]:
    """The words of a picture with their blanks filled."""
    blanks = {"level": f"{100 * result.level:g}%", **blanks}
    words = {key: say(text, result.language) for key, text in _WORDS.items()}
    for mark, value in blanks.items():
        words = {key: text.replace("{" + mark + "}", value) for key, text in words.items()}
    return words


def _percents(frame: pd.DataFrame, names: Sequence[str]) -> list[Array]:
    return [100 * frame[name].to_numpy(float) for name in names]


def _shown(result: Result, frame: pd.DataFrame, name: str) -> tuple[str, ...]:
    column = next(each for each in result.columns() if each.name == name)
    return tuple(column.show(value, result.language) for value in frame[name])


def _draw_bars(pen: Pen, chart: _Bars, *, whole: bool) -> Axes:
    """Dots with their intervals; ``whole``: the axis goes to 100."""
    rows = Rows.stacked(pen, chart.labels, [""] * len(chart.labels), [False] * len(chart.labels))
    left = rows.draw_labels(pen)
    top = np.nanmax(np.concatenate([chart.high, chart.share]), initial=0.0)
    reach = 100.0 if whole else float(min(100, max(10, 10 * np.ceil(top / 10))))
    pen.ax.set(xlim=(0, reach))
    ticks = list(range(0, int(reach) + 1, 10 if reach <= 60 else 20))
    draw_grid(pen, ticks, [str(t) for t in ticks], rows.height)
    places = np.array(rows.places)
    pen.ax.hlines(places, chart.low, chart.high, colors=BLUE, linewidth=2.2, label="interval", zorder=3)
    pen.ax.scatter(chart.share, places, s=36, color=BLUE, label="share", zorder=4, clip_on=False)
    right = rows.draw_figures(pen, [Figures(head, cells, [INK] * len(cells)) for head, cells in chart.figures])
    key = {chart.words["interval"]: Line2D([], [], color=BLUE, marker="o", markersize=6, linewidth=2.2)}
    pen.write(chart.unit, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top_of = pen.title(chart.title, left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top_of, pen.caption(chart.caption, left, right, _BELOW))
    return pen.ax


def _on_axes(chart: _Bars, again: Any, ax: Axes | None) -> tuple[Pen, _Bars]:
    """A pen whose fonts can write the chart; in English where no font has Chinese."""
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = again(), LATIN
    return Pen(pyplot_axes() if ax is None else ax, fonts), chart


# --- shares ------------------------------------------------------------------------------------------------


def draw_complaint_shares(table: ComplaintShares, ax: Axes | None = None, *, most: int = 15) -> Axes:
    """What complaints are about: shares with their intervals, the largest on top.

    Parameters
    ----------
    table : ComplaintShares without split columns
    most : rows shown

    Returns
    -------
    Axes
        Collections "interval" and "share".

    Raises
    ------
    SpecError
        If the table is split: draw one group at a time.
    """
    if table.by:
        raise SpecError(f"a picture of shares has one group; this table is split by {', '.join(table.by)}.")
    pen, chart = _on_axes(_shares(table, most), lambda: _shares(table.in_language("en"), most), ax)
    return _draw_bars(pen, chart, whole=False)


def _shares(table: ComplaintShares, most: int) -> _Bars:
    frame = table.frame[table.frame["n"] > 0].sort_values("n", ascending=False, kind="stable")
    shown = frame.head(most)
    words = _words(table, most=str(len(shown)), all=str(len(frame)))
    share, low, high = _percents(shown, ("share", "low", "high"))
    more = words["most"] if len(frame) > most else ""
    return _Bars(
        table.title(), _shown(table, shown, table.unit), share, low, high, ((words["n"], _shown(table, shown, "n")),),
        words["of complaints"], words, joined([more, table.note()], table.language),
    )  # fmt: skip


# --- clusters ----------------------------------------------------------------------------------------------


def draw_complaint_clusters(result: ComplaintClusters, ax: Axes | None = None, *, most: int = 12) -> Axes:
    """Pareto's picture lying on its side: a bar for each cluster, the line of the cumulative share, and the target.

    Rows go downwards so that names of places and phenomena can be read; bars of clusters that hold the target together are dark.

    Returns
    -------
    Axes
        Containers of bars, line "cumulative" (its last point rests on all clusters shown) and line "target".

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.complaints import complaint_clusters, read_complaints
    >>> from servqual.plots import new_axes
    >>> rows = [("A", "counter", "wait")] * 6 + [("B", "bill", "charge")] * 3 + [("C", "phone", "wait")]
    >>> table = pd.DataFrame(rows, columns=["store", "place", "phenomenon"]).assign(received="2026-03-02")
    >>> found = complaint_clusters(read_complaints(table, load_instrument("servqual-22")))
    >>> ax = draw_complaint_clusters(found, new_axes())
    >>> [float(x) for x in ax.lines[0].get_xdata()]
    [60.0, 90.0, 100.0]
    """
    pen, chart = _on_axes(_clusters(result, most), lambda: _clusters(result.in_language("en"), most), ax)
    shown = result.frame.head(most)
    rows = Rows.stacked(pen, chart.labels, [""] * len(chart.labels), [False] * len(chart.labels), 20.0)
    left = rows.draw_labels(pen)
    pen.ax.set(xlim=(0, 100))
    draw_grid(pen, list(range(0, 101, 20)), [str(t) for t in range(0, 101, 20)], rows.height)
    fills = [BLUE if needed else "#93C3E0" for needed in shown["needed"]]
    pen.ax.barh(rows.places, chart.share, height=11, color=fills, label="own", zorder=2)
    line = 100 * shown["cumulative"].to_numpy(float)
    pen.ax.plot(
        line, rows.places, color=VERMILION, marker="o", markersize=4, linewidth=1.4, label="cumulative", zorder=3
    )
    pen.ax.axvline(100 * result.target, color=GREY, linewidth=1, linestyle="dashed", label="target", zorder=1.5)
    right = rows.draw_figures(pen, [Figures(head, cells, [INK] * len(cells)) for head, cells in chart.figures])
    key = {
        chart.words["own"]: Patch(facecolor=BLUE),
        chart.words["cumulative"]: Line2D([], [], color=VERMILION, marker="o", markersize=4, linewidth=1.4),
        chart.words["target"]: Line2D([], [], color=GREY, linewidth=1, linestyle="dashed"),
    }
    pen.write(chart.unit, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, _BELOW))
    return pen.ax


def _clusters(result: ComplaintClusters, most: int) -> _Bars:
    shown = result.frame.head(most)
    words = _words(result, target=f"{100 * result.target:g}%", most=str(len(shown)), all=str(len(result.frame)))
    share, low, high = _percents(shown, ("share", "low", "high"))
    more = words["most"] if len(result.frame) > most else ""
    return _Bars(
        result.title(), tuple(result.label(row) for _, row in shown.iterrows()), share, low, high,
        ((words["n"], _shown(result, shown, "n")), ("%", _shown(result, shown, "cumulative"))), words["of complaints"], words,
        joined([more, result.sentence(), result.note()], result.language),
    )  # fmt: skip


# --- limits and promises -----------------------------------------------------------------------------------


def draw_stage_limits(result: StageLimits, ax: Axes | None = None, *, stage: Stage = "solve") -> Axes:
    """Share within the limit by department, with intervals, limits and medians.

    Raises
    ------
    SpecError
        If no department has a limit for this stage.
    """
    if not _judged(result, stage).any():
        raise SpecError(f"no department has a limit for the stage '{stage}' that can be judged.")
    pen, chart = _on_axes(_stages(result, stage), lambda: _stages(result.in_language("en"), stage), ax)
    return _draw_bars(pen, chart, whole=True)


def _judged(result: StageLimits, stage: str) -> pd.Series:
    return (result.frame["stage"] == stage) & np.isfinite(result.frame["on_time"])


def _stages(result: StageLimits, stage: str) -> _Bars:
    shown, words = result.frame[_judged(result, stage)], _words(result)
    share, low, high = _percents(shown, ("on_time", "low", "high"))
    figures = tuple((words[name], _shown(result, shown, name)) for name in ("limit", "median", "open"))
    step = _shown(result, shown, "stage")[0]
    title = f"{result.title()}：{step}" if result.language == "zh" else f"{result.title()}: {step}"
    return _Bars(title, _shown(result, shown, "department"), share, low, high, ((words["n"], _shown(result, shown, "n")), *figures),
                 words["of stage"], words, result.note())  # fmt: skip


def draw_promises(result: PromisesKept, ax: Axes | None = None) -> Axes:
    """Share of promises kept by group, with intervals.

    Raises
    ------
    SpecError
        If no promise has fallen due.
    """
    if not result.frame["n"].any():
        raise SpecError("no promise has fallen due: there is nothing to draw.")
    pen, chart = _on_axes(_promises(result), lambda: _promises(result.in_language("en")), ax)
    return _draw_bars(pen, chart, whole=True)


def _promises(result: PromisesKept) -> _Bars:
    shown, words = result.frame[result.frame["n"] > 0], _words(result)
    share, low, high = _percents(shown, ("share", "low", "high"))
    labels = _shown(result, shown, result.by[0]) if result.by else ("",)
    figures = ((words["due"], _shown(result, shown, "n")), (words["overdue"], _shown(result, shown, "open")))
    return _Bars(result.title(), labels, share, low, high, figures, words["of promises"], words, result.note())
