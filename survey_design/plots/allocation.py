"""Whom a sample asks more often than their share: strata from top to bottom, two marks each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, Pen, pyplot_axes
from survey_design.results import Text, say
from survey_design.sampling.allocation import BOUND_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.sampling.allocation import Allocation

_STEP, _CLOSE, _MANY, _TALL = 24.0, 15.0, 12, 300.0  # height of a row, of one of many, how many are many
_LABEL_WIDTH = 150.0

_WORDS: Mapping[str, Text] = {
    "n": {"en": "n", "zh": "样本量"},
    "weight": {"en": "weight", "zh": "权数"},
    "n_share": {"en": "share of the sample", "zh": "占样本的比例"},
    "size_share": {"en": "share of the population", "zh": "占总体的比例"},
    "size": {"en": "share of the size", "zh": "占规模合计的比例"},
}


def draw_allocation(result: Allocation, ax: Axes | None = None) -> Axes:
    """Each stratum's share of the sample (solid) beside its share of the population (hollow).

    Where the solid mark stands right of the hollow one the stratum is asked more often than its size alone would have
    it, and its weight is below average. At the right: interviews and the weight of each; a word in the row says which
    bound decided.

    Parameters
    ----------
    result : Allocation, from :func:`survey_design.sampling.allocation.allocate` or ``allocate_for_margins``
    ax : Axes, optional
        Drawn on; without it a new sheet of pyplot is taken, as high as the rows need.

    Returns
    -------
    Axes
        Collections "between", "size_share", "n_share", whose x are shares.

    Raises
    ------
    SpecError
        If the result has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.sampling.allocation import allocate
    >>> tiers = pd.DataFrame({"stratum": ["flagship", "kiosk"], "size": [900, 300]})
    >>> ax = draw_allocation(allocate(tiers, 100, method="equal"), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['flagship', 'kiosk']
    """
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    places, height = _places(pen, chart)
    _draw_axis(pen, chart, height)
    _draw_marks(pen, chart, places)
    left = _draw_labels(pen, chart, places)
    right = _draw_figures(pen, chart, places)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right, 34.0 if height > _TALL else 20.0))
    pen.fit(height, left, right, top, pen.caption(chart.caption, left, right, 26.0))
    return pen.ax


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture, a row per stratum."""

    title: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    size_share: NDArray[Any]
    n_share: NDArray[Any]
    figures: Mapping[str, tuple[str, ...]]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.notes, *self.words.values())


def _chart(result: Allocation) -> _Chart:
    if result.frame.empty:
        raise SpecError("a picture of an allocation needs rows; this result has none.")
    frame, columns = result.frame, {column.name: column for column in result.columns()}
    shown = {name: tuple(columns[name].show(value, "en") for value in frame[name]) for name in ("n", "weight")}
    return _Chart(
        title=result.title(), labels=tuple(result.stratum_words()),
        notes=tuple(say(BOUND_WORDS[bound], result.language) if bound else "" for bound in frame["bound"]),
        size_share=frame["size_share"].to_numpy(float), n_share=frame["n_share"].to_numpy(float), figures=shown,
        words=_words(result), caption=result.note(),
    )  # fmt: skip


def _words(result: Allocation) -> dict[str, str]:
    words = {key: say(text, result.language) for key, text in _WORDS.items()}
    return words if result.capped else words | {"size_share": words["size"]}


def _places(pen: Pen, chart: _Chart) -> tuple[NDArray[Any], float]:
    """Where each row stands, and how high all of them are."""
    usual = _STEP if len(chart.labels) <= _MANY else _CLOSE
    steps = [max(usual, 4 + 11.0 * len(pen.wrapped(label, _LABEL_WIDTH).split("\n"))) for label in chart.labels]
    ends = 4 + np.cumsum(steps)
    return ends - np.array(steps) / 2, float(ends[-1]) + 4


def _draw_axis(pen: Pen, chart: _Chart, height: float) -> None:
    """Shares from 0 to the largest; tall pictures have the numbers above, too."""
    ax, most = pen.ax, 1.04 * float(max(chart.size_share.max(), chart.n_share.max()))
    ticks = [float(x) for x in MaxNLocator(6).tick_values(0, most) if 0 <= x <= most]
    ax.set(xlim=(0, most), ylim=(height, 0), axisbelow=True)
    ax.set_xticks(ticks, [f"{round(100 * tick, 6):g}%" for tick in ticks], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="x", color=PALE, linewidth=0.6, linestyle="-", clip_on=False)
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", labeltop=height > _TALL)
    ax.spines[:].set_visible(False)


def _draw_marks(pen: Pen, chart: _Chart, places: NDArray[Any]) -> None:
    ax = pen.ax
    ax.hlines(places, chart.size_share, chart.n_share, colors=BLUE, linewidth=1.8, label="between", zorder=2)
    ax.scatter(chart.size_share, places, s=34, c="white", edgecolors=INK, linewidths=1.2, label="size_share", zorder=3,
               clip_on=False)  # fmt: skip
    ax.scatter(chart.n_share, places, s=34, c=BLUE, linewidths=0.0, label="n_share", zorder=4, clip_on=False)


def _draw_labels(pen: Pen, chart: _Chart, places: NDArray[Any]) -> float:
    """The strata's names at the left and the bound that decided right of the marks; the width of the names."""
    names = [pen.wrapped(label, _LABEL_WIDTH) for label in chart.labels]
    left = min(max(pen.width(name) for name in names), _LABEL_WIDTH) + 14
    pen.ax.set_yticks(places, names, ha="left", linespacing=1.1, **pen.look(9.0, INK))
    pen.ax.tick_params(axis="y", pad=left)
    reach, most = np.maximum(chart.size_share, chart.n_share), pen.ax.get_xlim()[1]
    for note, y, end in zip(chart.notes, places, reach, strict=True):
        if note:
            near = end < 0.6 * most  # else there is no room right of the marks
            pen.write(note, end / most if near else 0, y, 8 if near else 4, size=7.5, color=GREY, zorder=1.5)
    return left


def _draw_figures(pen: Pen, chart: _Chart, places: NDArray[Any]) -> float:
    """Interviews and weights at the right; the width they take."""
    edge = 4.0
    for name, cells in chart.figures.items():
        heading = chart.words[name]
        edge += 14 + max(pen.width(heading, 8.5), *(pen.width(cell, strong=True) for cell in cells))
        pen.write(heading, 1, 1, edge, 5, to="axes fraction", size=8.5, color=GREY, ha="right", va="baseline")
        for cell, y in zip(cells, places, strict=True):
            pen.write(cell, 1, y, edge, ha="right", color=INK if name == "n" else GREY, strong=name == "n")
    return edge


def _key(chart: _Chart) -> dict[str, Line2D]:
    dot: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 6}
    return {
        chart.words["n_share"]: Line2D([], [], color=BLUE, markeredgewidth=0, **dot),
        chart.words["size_share"]: Line2D([], [], color=INK, markerfacecolor="white", markeredgewidth=1.2, **dot),
    }
