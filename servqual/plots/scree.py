"""How many factors rise above chance? Eigenvalues against those of random data of the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.factor_count import FactorCount

_HEIGHT, _LEFT, _RIGHT, _BELOW = 260.0, 36.0, 20.0, 42.0  # points
_SERIES = (
    ("components", "eigenvalue", "chance", "chance_high", "parallel_components", "o", BLUE),
    ("factors", "reduced", "reduced_chance", "reduced_high", "parallel_factors", "s", VERMILION),
)
_WORDS: dict[str, Text] = {
    "components": {"en": "components: {count} above chance", "zh": "主成分：{count} 个高于随机"},
    "factors": {"en": "common factors: {count} above chance", "zh": "公因子：{count} 个高于随机"},
    "band": {"en": "random data: mean to percentile {share}", "zh": "随机数据：均值至第 {share} 百分位"},
    "up": {"en": "eigenvalue", "zh": "特征值"},
    "across": {"en": "number of component or factor", "zh": "主成分或因子序号"},
    "solid": {"en": "Solid: counted, above the band and so are all before it.", "zh": "实心：计入，即该点及其前各点均高于随机带。"},
}  # fmt: skip


def draw_scree(result: FactorCount, ax: Axes | None = None) -> Axes:
    """The scree plot with the band of parallel analysis: eigenvalues, and what chance alone would show.

    Circles are eigenvalues of the correlation matrix, squares those of the matrix reduced to what items share. The band under
    each goes from the mean of random data to the percentile that must be exceeded; what counts is solid. The elbow that older
    books look for needs an eye, the band does not.

    Parameters
    ----------
    result : FactorCount, from :func:`servqual.factor_count.factor_count`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Lines "components" and "factors" with all eigenvalues, "components counted" and "factors counted" with the solid points;
        collections "components band" and "factors band".

    References
    ----------
    Horn (1965), Psychometrika 30, 179-185, doi:10.1007/BF02289447.

    Examples
    --------
    >>> import numpy as np
    >>> from servqual.correlations import ItemMatrix
    >>> from servqual.factor_count import factor_count
    >>> from servqual.plots import new_axes
    >>> r = np.kron(np.eye(2), np.full((3, 3), 0.5)) + np.eye(6) * 0.5
    >>> ax = draw_scree(factor_count(ItemMatrix.from_matrix(r, 300), replicates=50), new_axes())
    >>> {line.get_label(): len(line.get_xdata()) for line in ax.lines}["components counted"]
    2
    """

    def texts(shown: FactorCount) -> tuple[str, dict[str, str], str]:
        blanks = {"share": f"{100 * shown.percentile:g}"}
        words = {key: say(text, shown.language).replace("{share}", blanks["share"]) for key, text in _WORDS.items()}
        for name, *_, rule, _, _ in _SERIES:
            words[name] = words[name].replace("{count}", str(shown.counts[rule]))
        glue = "" if shown.language == "zh" else " "
        return shown.title(), words, words["solid"] + glue + shown.note()

    title, words, caption = texts(result)
    fonts = fonts_for([title, caption, *words.values()])
    if fonts is None:
        (title, words, caption), fonts = texts(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    shown = [series for series in _SERIES if result.scree[series[1]].iloc[1:].notna().any()]
    _draw_axes(pen, result, words)
    for series in shown:
        _draw_series(pen, result, *series)
    key: dict[str, Any] = {words[name]: Line2D([], [], color=color, marker=marker, markersize=5.5, linewidth=1.4)
           for name, *_, marker, color in shown}  # fmt: skip
    key[words["band"]] = Patch(facecolor=GREY, alpha=0.3, linewidth=0)
    top = pen.title(title, _LEFT, _RIGHT, pen.key(key, _LEFT, _RIGHT, 26.0))
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, pen.caption(caption, _LEFT, _RIGHT, _BELOW))
    return pen.ax


def _draw_series(
    pen: Pen, result: FactorCount, name: str, value: str, mean: str, high: str, rule: str, marker: str, color: str
) -> None:
    """One line of eigenvalues above the band of its own random data."""
    scree = result.scree.iloc[1:]
    x, y, counted = scree["k"].to_numpy(), scree[value].to_numpy(), result.counts[rule] or 0
    look: dict[str, Any] = {"marker": marker, "markersize": 5.5, "markeredgecolor": color, "clip_on": False}
    pen.ax.fill_between(
        x, scree[mean], scree[high], color=color, alpha=0.25, linewidth=0, label=f"{name} band", zorder=1.6
    )
    pen.ax.plot(x, scree[high], color=color, linewidth=0.8, linestyle="dashed", label=f"{name} chance", zorder=1.7)
    pen.ax.plot(x, y, color=color, linewidth=1.4, markerfacecolor="white", label=name, zorder=3, **look)
    pen.ax.plot(x[:counted], y[:counted], color=color, linestyle="none", label=f"{name} counted", zorder=4, **look)


def _draw_axes(pen: Pen, result: FactorCount, words: dict[str, str]) -> None:
    """Eigenvalues upwards from the least, whole numbers across."""
    ax, scree = pen.ax, result.scree.iloc[1:]
    columns = [each for _, value, mean, high, *_ in _SERIES for each in (value, mean, high)]
    values = scree[columns].to_numpy()[np.isfinite(scree[columns].to_numpy())]
    low, high = min(0.0, float(values.min(initial=0))), float(values.max(initial=1))
    ticks = [
        float(t) for t in MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(low, high) if low - 1e-9 <= t <= 1.05 * high
    ]
    p = len(scree)
    across = range(1, p + 1, 1 if p <= 30 else 5)
    ax.set(xlim=(0.6, p + 0.4), ylim=(low - 0.03 * (high - low), 1.05 * high), axisbelow=True)
    ax.set_xticks(list(across), [str(k) for k in across], **pen.look(8.5, GREY))
    ax.set_yticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="y", color=PALE, linewidth=0.6, linestyle="-")
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set(visible=True, color=INK, linewidth=0.6)
    pen.write(words["up"], 0, 1, -_LEFT, 12, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(words["across"], 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
