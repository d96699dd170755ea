"""How far the weighted sample is from what is known of the population, before and after calibration."""

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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.calibration import Calibration

_STEP, _CLOSE, _MANY = 22.0, 15.0, 12
_LABEL_WIDTH = 190.0
_LEAST = 0.02  # the scale reaches at least this far from the target, so that rounding does not look like a difference

_WORDS: Mapping[str, Text] = {
    "before": {"en": "before", "zh": "调整前"},
    "after": {"en": "after", "zh": "调整后"},
    "target": {"en": "target", "zh": "目标"},
    "axis": {"en": "distance from the target, as a share of it", "zh": "与目标的相对偏差"},
    "n": {"en": "n", "zh": "样本量"},
}


def draw_calibration(result: Calibration, ax: Axes | None = None) -> Axes:
    """Each category's distance from its target, before (hollow) and after (solid), as a share of the target.

    A hollow mark left of the line is a group that the base weights leave too small. After raking every solid mark stands
    on the line; after trimming some do not. At the right: respondents and targets.

    Parameters
    ----------
    result : Calibration, from :func:`survey_design.calibration.rake`, ``poststratify``, ``calibrate`` or ``trim``
    ax : Axes, optional
        Drawn on; without it a new sheet of pyplot is taken, as high as the rows need.

    Returns
    -------
    Axes
        Collections "between", "before", "after", whose x are shares of the target.

    Raises
    ------
    SpecError
        If the result has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from survey_design.calibration import rake
    >>> from survey_design.plots.sheet import new_axes
    >>> frame = pd.DataFrame({"tier": ["core", "core", "core", "other"]})
    >>> ax = draw_calibration(rake(frame, None, {"tier": {"core": 50, "other": 50}}), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['tier: core', 'tier: other']
    """
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    places, height = _places(pen, chart)
    _draw_axis(pen, chart, height)
    _draw_marks(pen, chart, places)
    left, right = _draw_labels(pen, chart, places), _draw_figures(pen, chart, places)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    pen.fit(height, left, right, top, pen.caption(chart.caption, left, right, 44.0))
    return pen.ax


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture, a row per category."""

    title: str
    labels: tuple[str, ...]
    before: NDArray[Any]
    after: NDArray[Any]
    figures: Mapping[str, tuple[str, ...]]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.words.values())


def _chart(result: Calibration) -> _Chart:
    if result.frame.empty:
        raise SpecError("a picture of a calibration needs rows; this result has none.")
    shown, colon = result.frame, "：" if result.language == "zh" else ": "
    words = result.row_words()
    names = zip(words["margin"], words["category"], strict=True)
    size = shown["target"].abs().where(shown["target"] != 0, 1.0)
    before, after = ((shown[name] - shown["target"]) / size for name in ("before", "after"))
    target = tuple(f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in shown["target"])
    return _Chart(
        title=result.title(), labels=tuple(f"{margin}{colon}{category}" if category else margin for margin, category in names),
        before=before.to_numpy(), after=after.to_numpy(),
        figures={"n": tuple(f"{n:,}" for n in shown["n"]), "target": target},
        words={key: say(text, result.language) for key, text in _WORDS.items()}, caption=result.note(),
    )  # fmt: skip


def _places(pen: Pen, chart: _Chart) -> tuple[NDArray[Any], float]:
    """Where each row stands, and how high all of them are."""
    usual = _STEP if len(chart.labels) <= _MANY else _CLOSE
    steps = [max(usual, 4 + 11.0 * len(pen.wrapped(label, _LABEL_WIDTH).split("\n"))) for label in chart.labels]
    ends = 4 + np.cumsum(steps)
    return ends - np.array(steps) / 2, float(ends[-1]) + 4


def _draw_axis(pen: Pen, chart: _Chart, height: float) -> None:
    """Shares of the target about 0."""
    ax, both = pen.ax, np.concatenate([chart.before, chart.after])
    low, high = min(-_LEAST, 1.08 * float(both.min())), max(_LEAST, 1.08 * float(both.max()))
    ticks = [float(x) for x in MaxNLocator(6).tick_values(low, high) if low <= x <= high]
    names = [f"{round(100 * tick, 6):+g}%".replace("-", "−") if tick else "0%" for tick in ticks]
    ax.set(xlim=(low, high), ylim=(height, 0), axisbelow=True)
    ax.set_xticks(ticks, names, **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="x", color=PALE, linewidth=0.6, linestyle="-", clip_on=False)
    ax.axvline(0, color=INK, linewidth=1.0, zorder=2)
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(chart.words["axis"], labelpad=4, **pen.look(8.5, GREY))


def _draw_marks(pen: Pen, chart: _Chart, places: NDArray[Any]) -> None:
    pen.ax.hlines(places, chart.before, chart.after, colors=BLUE, linewidth=1.6, label="between", zorder=3)
    pen.ax.scatter(chart.before, places, s=36, c="white", edgecolors=BLUE, linewidths=1.5, label="before", zorder=4,
                   clip_on=False)  # fmt: skip
    pen.ax.scatter(chart.after, places, s=36, c=BLUE, edgecolors=BLUE, linewidths=1.5, label="after", zorder=5,
                   clip_on=False)  # fmt: skip


def _draw_labels(pen: Pen, chart: _Chart, places: NDArray[Any]) -> float:
    """Margin and category of each row, left of the axes; how much room they take."""
    wrapped = [pen.wrapped(label, _LABEL_WIDTH) for label in chart.labels]
    pen.ax.set_yticks(places, wrapped, **pen.look(9.0, INK))
    return max(pen.width(label) for label in wrapped) + 8.0


def _draw_figures(pen: Pen, chart: _Chart, places: NDArray[Any]) -> float:
    """Respondents and targets, right of the axes; how much room they take."""
    edge = 6.0
    for name, cells in chart.figures.items():
        edge += 12.0 + max(pen.width(text) for text in (*cells, chart.words[name]))
        pen.write(chart.words[name], 1, 1, edge, 10, to="axes fraction", color=GREY, size=8.5, ha="right")
        for place, text in zip(places, cells, strict=True):
            pen.write(text, 1, place, edge, ha="right")
    return edge


def _key(chart: _Chart) -> dict[str, Line2D]:
    look: dict[str, Any] = {"marker": "o", "markersize": 6, "markeredgewidth": 1.5, "linestyle": "", "color": BLUE}
    return {
        chart.words["before"]: Line2D([], [], markerfacecolor="white", **look),
        chart.words["after"]: Line2D([], [], **look),
    }
