"""Inspection against customers: every store in its quadrant, how far the two are apart, and the weights that bring them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS
from servqual.plots.forest import draw_forest
from servqual.plots.rows import joined
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.index_weights import FittedWeights
    from servqual.store_agreement import StoreAgreement

Array = NDArray[Any]

_HEIGHT, _GAP, _LEFT, _RIGHT, _BELOW = 270.0, 62.0, 36.0, 16.0, 42.0  # points
_MOST_NAMED = 8
_LOOK = {  # marker, face, edge, size
    "hidden": ("D", VERMILION, VERMILION, 34),
    "reverse": ("s", "white", VERMILION, 34),
    "good": ("o", GREEN, GREEN, 26),
    "poor": ("X", GREY, GREY, 36),
    "between": ("o", "white", BLUE, 26),
}
_WORDS: Mapping[str, Text] = {
    "across": {"en": "inspection, 0 to 100", "zh": "检查得分（0–100）"},
    "up": {"en": "customers' rating, 0 to 100", "zh": "客户评价（0–100）"},
    "middle": {"en": "mean of both", "zh": "两者均值"},
    "apart": {"en": "inspection − customers", "zh": "检查 − 客户"},
    "bias": {"en": "bias", "zh": "偏差"},
    "limits": {"en": "limits of agreement", "zh": "一致性界限"},
    "read": {
        "en": "Left: tinted is green inside and red outside ({green} or more inspected, under {red} with customers); the thin line is "
        "where both are equal. Right: bias and limits of agreement with their {level} intervals; stores beyond the limits are named, "
        "at the left those in the tinted quadrant.",
        "zh": "左图：着色区为检查达标而客户不满（检查不低于 {green}，客户低于 {red}），细线表示两者相等。右图：偏差与一致性界限及其 {level} "
        "区间；左图标出着色区内的门店，右图标出超出界限者。",
    },
    "weights": {
        "en": "Dot: fitted weight with its {level} interval; upright tick: where it started. Line: equal weights.",
        "zh": "圆点：拟合权重及其 {level} 区间；竖线标记：起始权重。直线：等权重。",
    },
    "weights kept": {
        "en": "Dot: starting weight, which is kept, so that there is no interval. Line: equal weights.",
        "zh": "圆点：保留的起始权重，故无区间。直线：等权重。",
    },
}


def draw_store_scores(result: StoreAgreement, ax: Axes | None = None) -> Axes:
    """Stores by what inspection and customers say, and beside them how far the two are apart (Bland and Altman).

    At the left every store stands in its quadrant; lines are the green and red lines of both sides, and the tinted corner holds
    the stores that are green inside and red outside. At the right the difference stands against the mean: the solid line is the
    bias, dashed ones are the limits of agreement, bands their intervals.

    Parameters
    ----------
    result : StoreAgreement, from :func:`servqual.store_agreement.compare_store_scores`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        With two children (``ax.child_axes``): the quadrants and the differences. In both, collections are
        labelled with the quadrant ("hidden", "reverse", "good", "poor", "between"); at the left the patch "hidden corner", at
        the right lines "bias", "limit_low", "limit_high" and patches with " interval" behind these names.

    References
    ----------
    Bland and Altman (1999), doi:10.1177/096228029900800204.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.plots import new_axes
    >>> from servqual.store_agreement import compare_store_scores
    >>> seen = pd.DataFrame({"store": [*"ABCDE"], "score": [91, 88, 74, 66, 83]})
    >>> told = pd.DataFrame({"store": [*"ABCDE"], "rating": [64, 86, 75, 60, 78]})
    >>> ax = draw_store_scores(compare_store_scores(seen, told), new_axes())
    >>> {c.get_label(): len(c.get_offsets()) for c in ax.child_axes[0].collections}["hidden"]
    1
    """
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    return _draw(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture.

    Attributes
    ----------
    names, quadrant, outlier : one per store
    x, y : (k,) inspection, rating
    lines : the four lines
    bands : bias and limits as (value, low, high)
    """

    title: str
    names: tuple[str, ...]
    quadrant: tuple[str, ...]
    outlier: Array
    certain: Array
    x: Array
    y: Array
    lines: Mapping[str, float]
    bands: Mapping[str, Array]
    words: Mapping[str, str]
    quadrants: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.names, *self.words.values(), *self.quadrants.values())


def _chart(result: StoreAgreement) -> _Chart:
    language, stores = result.language, result.stores
    words = {key: say(text, language) for key, text in _WORDS.items()}
    filled = {
        "{green}": f"{result.green:g}",
        "{red}": f"{result.customer_red:g}",
        "{level}": f"{100 * result.level:g}%",
    }
    for blank, filling in filled.items():
        words["read"] = words["read"].replace(blank, filling)
    rows = result.frame.set_index("measure")
    return _Chart(
        title=result.title(), names=tuple(map(str, stores["store"])), quadrant=tuple(stores["quadrant"]),
        outlier=stores["outlier"].to_numpy(bool), certain=stores["p_hidden"].fillna(0).to_numpy(float),
        x=stores["inspection"].to_numpy(float), y=stores["rating"].to_numpy(float),
        lines={name: getattr(result, name) for name in ("green", "red", "customer_green", "customer_red")},
        bands={name: rows.loc[name, ["value", "low", "high"]].to_numpy(float) for name in ("bias", "limit_low", "limit_high")},
        words=words, quadrants=result.quadrants,
        caption=joined([words["read"], result.sentence()], language),
    )  # fmt: skip


def _draw(pen: Pen, chart: _Chart) -> Axes:
    ax = pen.ax
    width = pen.axes_width(_LEFT, _RIGHT)
    panel = (width - _GAP) / 2 / width
    there = [name for name in _LOOK if name in chart.quadrant]
    key: dict[str, Any] = {chart.quadrants[name]: _mark(name) for name in there}
    key[chart.words["bias"]] = Line2D([], [], color=INK, linewidth=1.2)
    key[chart.words["limits"]] = Line2D([], [], color=INK, linewidth=1.0, linestyle="dashed")
    ax.set_axis_off()
    left = ax.inset_axes((0, 0, panel, 1))
    right = ax.inset_axes((1 - panel, 0, panel, 1))
    _draw_quadrants(Pen(left, pen.fonts), chart)
    _draw_differences(Pen(right, pen.fonts), chart)
    top = pen.title(chart.title, _LEFT, _RIGHT, pen.key(key, _LEFT, _RIGHT, 26.0))
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, pen.caption(chart.caption, _LEFT, _RIGHT, _BELOW))
    return ax


def _mark(name: str) -> Line2D:
    marker, face, edge, _ = _LOOK[name]
    return Line2D([], [], linestyle="none", marker=marker, markersize=5.5, markerfacecolor=face, markeredgecolor=edge)


def _draw_quadrants(pen: Pen, chart: _Chart) -> None:
    """Inspection across, customers up, the lines of both."""
    ax, lines = pen.ax, chart.lines
    low, high = _reach(np.concatenate([chart.x, chart.y, list(lines.values())]))
    _frame(pen, (low, high), (low, high), chart.words["across"], chart.words["up"])
    corner = Rectangle((lines["green"], low), high - lines["green"], lines["customer_red"] - low, facecolor=VERMILION, alpha=0.1,
                       linewidth=0, label="hidden corner", zorder=0.5)  # fmt: skip
    ax.add_patch(corner)
    ax.plot([low, high], [low, high], color=GREY, linewidth=0.7, label="equal", zorder=1)
    for name, value in lines.items():
        draw = ax.axhline if name.startswith("customer") else ax.axvline
        draw(
            value,
            color=GREEN if name.endswith("green") else VERMILION,
            linewidth=0.9,
            linestyle="dashed",
            label=name,
            zorder=1.2,
        )
    _scatter(ax, chart, chart.x, chart.y)
    hidden = [k for k, name in enumerate(chart.quadrant) if name == "hidden"]
    _name(pen, chart, sorted(hidden, key=lambda k: -chart.certain[k]), chart.x, chart.y)


def _draw_differences(pen: Pen, chart: _Chart) -> None:
    """Differences against means, with bias and limits."""
    ax, d, middle = pen.ax, chart.x - chart.y, (chart.x + chart.y) / 2
    ends = np.concatenate([d, [0.0], *(band[np.isfinite(band)] for band in chart.bands.values())])
    _frame(pen, _reach(middle), _reach(ends), chart.words["middle"], chart.words["apart"])
    ax.axhline(0, color=GREY, linewidth=0.7, label="zero", zorder=1)
    for name, (value, low, high) in chart.bands.items():
        ax.axhspan(low, high, color=PALE, alpha=0.55, linewidth=0, label=f"{name} interval", zorder=0.6)
        ax.axhline(value, color=INK, linewidth=1.2 if name == "bias" else 1.0, linestyle="solid" if name == "bias" else "dashed",
                   label=name, zorder=1.3)  # fmt: skip
    _scatter(ax, chart, middle, d)
    far = sorted(np.flatnonzero(chart.outlier), key=lambda k: -abs(d[k] - chart.bands["bias"][0]))
    _name(pen, chart, list(far), middle, d)


def _scatter(ax: Axes, chart: _Chart, x: Array, y: Array) -> None:
    """One collection per quadrant."""
    for name, (marker, face, edge, size) in _LOOK.items():
        inside = np.array([quadrant == name for quadrant in chart.quadrant])
        if inside.any():
            ax.scatter(x[inside], y[inside], marker=marker, s=size, c=face, edgecolors=edge, linewidths=1.1, label=name, zorder=3,
                       clip_on=False)  # fmt: skip


def _name(pen: Pen, chart: _Chart, rows: list[Any], x: Array, y: Array) -> None:
    """Names beside the marks, each where no other name stands yet."""
    low, high = pen.ax.get_ylim()
    first, last = pen.ax.get_xlim()
    taken: list[tuple[float, float]] = []
    for k in rows[:_MOST_NAMED]:
        place = ((x[k] - first) / (last - first), (y[k] - low) / (high - low))
        if any(abs(place[0] - a) < 0.2 and abs(place[1] - b) < 0.045 for a, b in taken):
            continue
        taken.append(place)
        side = -1 if place[0] > 0.75 else 1
        pen.ax.annotate(chart.names[k], (x[k], y[k]), (6 * side, 0), textcoords="offset points", va="center_baseline",
                        ha="left" if side > 0 else "right", zorder=4, **pen.look(8.0, INK))  # fmt: skip


def _reach(values: Array) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def _frame(pen: Pen, x: tuple[float, float], y: tuple[float, float], across: str, up: str) -> None:
    """Thin axes with what they measure."""
    ax = pen.ax
    ax.set(xlim=x, ylim=y, axisbelow=True)
    for name, (low, high) in {"x": x, "y": y}.items():
        ticks = [float(t) for t in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= t <= high]
        setter = ax.set_xticks if name == "x" else ax.set_yticks
        setter(ticks, [f"{t:g}".replace("-", "−") for t in ticks], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(visible=True, color=PALE, linewidth=0.8)
    ax.set_facecolor("none")
    pen.write(up, 0, 1, -28, 9, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(across, 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")


def draw_fitted_weights(result: FittedWeights, ax: Axes | None = None) -> Axes:
    """Every weight with its interval, and a tick where it started, if it has moved.

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`, and a collection "start" where a weight is not the one it started from.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.index_weights import fit_index_weights
    >>> from servqual.plots import new_axes
    >>> rng = np.random.default_rng(1)
    >>> x = pd.DataFrame(rng.uniform(50, 90, (30, 2)), columns=["speed", "care"]).rename_axis("store")
    >>> told = pd.DataFrame({"store": x.index, "rating": x @ [0.8, 0.2]})
    >>> ax = draw_fitted_weights(fit_index_weights(x, told, seed=1, replicates=50), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['speed', 'care']
    """
    frame, language = result.frame, result.language
    labels = [say(result.words.get(name, {"en": name}), language) for name in frame["indicator"]]
    blocks = [result.group([row[name] for name in result.by]) for _, row in frame.iterrows()]
    told = say(_WORDS["weights" if frame["low"].notna().any() else "weights kept"], language)
    drawn = draw_forest(
        labels, frame["weight"].to_numpy(float), frame["low"].to_numpy(float), frame["high"].to_numpy(float), blocks=blocks,
        null=round(1 / len(set(frame["indicator"])), 3), heading=_weight_column(result), title=result.title(),
        caption=joined([told.replace("{level}", f"{100 * result.level:g}%"),
                        *([] if result.by else [result.sentence()])], language),
        level=result.level, language=language, ax=ax,
    )  # fmt: skip
    moved = ~np.isclose(frame["weight"], frame["start"], rtol=0, atol=1e-9)
    if moved.any():
        places: Any = np.asarray(drawn.get_yticks())[moved]
        drawn.scatter(frame["start"][moved], places, marker="|", s=80, linewidths=1.6, c=VERMILION, label="start", zorder=4,
                      clip_on=False)  # fmt: skip
    return drawn


def _weight_column(result: FittedWeights) -> Any:
    return {column.name: column for column in result.columns()}.get("weight", NUMBER_COLUMNS["estimate"])
