"""What does each further interview buy? Margin, power or smallest difference against n, the chosen n marked on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.size.ledger import SampleSize
    from survey_design.size.power import Detectable
    from survey_design.size.precision import Precision

_STEPS = [1, 2, 2.5, 5, 10]
_HEIGHT, _RIGHT, _BELOW = 220.0, 26.0, 42.0  # points; _BELOW leaves room for the numbers and name of the x axis

_WORDS: Mapping[str, Text] = {
    "n": {"en": "completed interviews", "zh": "完成访谈数"},
    "margin": {"en": "margin of error ± ({level} confidence)", "zh": "误差 ±（{level} 置信水平）"},
    "margin share": {"en": "margin of error ± in percentage points ({level} confidence)",
                     "zh": "误差 ±，百分点（{level} 置信水平）"},
    "power": {"en": "power in percent (significance level {risk})", "zh": "功效，%（显著性水平 {risk}）"},
    "difference": {"en": "smallest difference found (power {power})", "zh": "可发现的最小差异（功效 {power}）"},
    "curve margin": {"en": "margin of error", "zh": "误差"},
    "curve power": {"en": "power", "zh": "功效"},
    "curve difference": {"en": "smallest difference", "zh": "最小差异"},
    "target": {"en": "wanted", "zh": "目标"},
    "chosen": {"en": "chosen: n = {n}", "zh": "所选：n = {n}"},
}  # fmt: skip


def draw_size(result: SampleSize, ax: Axes | None = None) -> Axes:
    """Margin, or power, against the number of interviews: the target dashed, the chosen n a filled circle.

    The curve knows the design effect and the finite population. Where it has become flat, further interviews buy little.

    Parameters
    ----------
    result : SampleSize, from the functions ``size_for_…`` of :mod:`survey_design.size`
    ax : Axes, optional
        Axes to draw on; without them a new sheet is made.

    Returns
    -------
    Axes
        Lines labelled "curve", "target" and "chosen" (one point). Shares and power are drawn in percent.

    Examples
    --------
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.size import size_for_proportion
    >>> ax = draw_size(size_for_proportion(0.5, 0.05), new_axes())
    >>> [line.get_label() for line in ax.lines]
    ['curve', 'target', 'chosen']
    """
    goal, curve = result.goal, result.curve()
    percent = 100.0 if goal.measure == "power" or goal.kind == "share" else 1.0
    ceiling = 100.0 if goal.measure == "power" else None
    name = "margin share" if goal.measure == "margin" and goal.kind == "share" else goal.measure

    def chart(language: str) -> _Curve:
        shown = result if language == result.language else result.in_language("en")
        axis = _filled(name, language, level=goal.level)
        return _Curve(shown.title(), language, curve["n"].to_list(), (percent * curve[goal.measure]).to_list(),
                      _filled(f"curve {goal.measure}", language), axis, shown.note(), percent * goal.target,
                      (result.n, percent * result.achieved), ceiling)  # fmt: skip

    return _draw(chart, result.language, ax)


def draw_precision(result: Precision, ax: Axes | None = None) -> Axes:
    """Margin against the numbers of interviews that were asked about: one line, labelled "curve", with its points.

    Parameters and return value as in :func:`draw_size`.

    Examples
    --------
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.size import precision_of
    >>> ax = draw_precision(precision_of([100, 400], p=0.5), new_axes())
    >>> [round(float(y), 2) for y in ax.lines[0].get_ydata()]
    [9.8, 4.9]
    """
    percent = 100.0 if result.goal.kind == "share" else 1.0
    name = "margin share" if result.goal.kind == "share" else "margin"
    _refuse_one(result.frame["n"])

    def chart(language: str) -> _Curve:
        shown = result if language == result.language else result.in_language("en")
        axis = _filled(name, language, level=result.goal.level)
        return _Curve(shown.title(), language, result.frame["n"].to_list(), (percent * result.frame["margin"]).to_list(),
                      _filled("curve margin", language), axis, shown.note())  # fmt: skip

    return _draw(chart, result.language, ax)


def draw_detectable(result: Detectable, ax: Axes | None = None) -> Axes:
    """Smallest detectable difference against the numbers of interviews that were asked about.

    Parameters and return value as in :func:`draw_size`.

    Examples
    --------
    >>> from survey_design.plots.sheet import new_axes
    >>> from survey_design.size import detectable
    >>> draw_detectable(detectable([100, 200, 400], sd=1.2), new_axes()).lines[0].get_label()
    'curve'
    """
    found = result.frame[result.frame["difference"].notna()]
    _refuse_one(found["n"])

    def chart(language: str) -> _Curve:
        shown = result if language == result.language else result.in_language("en")
        axis = _filled("difference", language, power=result.power)
        return _Curve(shown.title(), language, found["n"].to_list(), found["difference"].to_list(),
                      _filled("curve difference", language), axis, shown.note())  # fmt: skip

    return _draw(chart, result.language, ax)


@dataclass(frozen=True, eq=False)
class _Curve:
    """The words and numbers of a curve against n."""

    title: str
    language: str
    sizes: Sequence[float]
    values: Sequence[float]
    name: str
    axis: str
    caption: str
    target: float | None = None
    chosen: tuple[int, float] | None = None
    ceiling: float | None = None

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.name, self.axis, self.caption, *self.key())

    def key(self) -> dict[str, Line2D]:
        """What the marks mean, where there is more than one."""
        if self.chosen is None:
            return {}
        chosen = _filled("chosen", self.language).replace("{n}", f"{self.chosen[0]:,}")
        return {
            self.name: Line2D([], [], color=BLUE, linewidth=1.8),
            _filled("target", self.language): Line2D([], [], color=GREY, linewidth=1, linestyle="dashed"),
            chosen: Line2D([], [], color=VERMILION, marker="o", markersize=7, linestyle="none"),
        }


def _draw(chart_in: Callable[[str], _Curve], language: str, ax: Axes | None) -> Axes:
    chart = chart_in(language)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = chart_in("en"), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    left = _draw_axes(pen, chart)
    style: dict[str, Any] = {"marker": "o", "markersize": 5} if chart.chosen is None else {}
    pen.ax.plot(chart.sizes, chart.values, color=BLUE, linewidth=1.8, label="curve", clip_on=False, **style)
    if chart.target is not None and chart.chosen is not None:
        pen.ax.axhline(chart.target, color=GREY, linewidth=1, linestyle="dashed", label="target")
        pen.ax.plot([chart.chosen[0]], [chart.chosen[1]], "o", color=VERMILION, markersize=7, label="chosen", zorder=3)
    key = chart.key()
    over = pen.key(key, left, _RIGHT, 26.0) if key else 30.0
    pen.write(chart.axis, 0, 1, -left, 12, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(_filled("n", chart.language), 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(chart.title, left, _RIGHT, over)
    pen.fit(_HEIGHT, left, _RIGHT, top, pen.caption(chart.caption, left, _RIGHT, _BELOW))
    return pen.ax


def _draw_axes(pen: Pen, chart: _Curve) -> float:
    """Both axes with thin lines across; the width that the numbers at the left take."""
    ax = pen.ax
    low, high = min(chart.sizes), max(chart.sizes)
    most = max([*chart.values, chart.target or 0.0])
    upper = (
        100.0 if chart.target is not None and most > 50 and chart.axis.startswith(("power", "功效")) else 1.08 * most
    )
    pad = 0.02 * (high - low)
    ax.set(xlim=(low - pad, high + pad), ylim=(0, upper), axisbelow=True)
    across = [float(x) for x in MaxNLocator(8, integer=True, steps=_STEPS).tick_values(low, high) if low <= x <= high]
    upright = [float(y) for y in MaxNLocator(6, steps=_STEPS).tick_values(0, upper) if 0 <= y <= upper]
    labels = [f"{y:.4g}" for y in upright]
    ax.set_xticks(across, [f"{x:,.0f}" for x in across], **pen.look(8.5, GREY))
    ax.set_yticks(upright, labels, **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="y", color=PALE, linewidth=0.6, linestyle="-")
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set(visible=True, color=INK, linewidth=0.6)
    return max(pen.width(label, 8.5) for label in labels) + 10


def _filled(name: str, language: str, level: float = 0.95, power: float = 0.8) -> str:
    words = say(_WORDS[name], language)
    shares = {"{level}": level, "{risk}": 1 - level, "{power}": power}
    for place, share in shares.items():
        words = words.replace(place, f"{100 * share:.4g}%")
    return words


def _refuse_one(sizes: Any) -> None:
    if len(sizes) < 2:
        raise SpecError("a curve needs two or more n that have a number. Pass several, such as n=[100, 200, 400].")
