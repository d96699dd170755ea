"""How far up does the same ruler reach? Fit of each step of invariance beside what it must keep to."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from servqual.plots.rows import Figures, Rows, draw_grid, second_axes
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.invariance import Invariance

Array = NDArray[Any]

_ROW, _GAP = 30.0, 26.0  # points
_WORDS: dict[str, Text] = {
    "holds": {"en": "holds", "zh": "成立"},
    "fails": {"en": "fails", "zh": "不成立"},
    "open": {"en": "not judged: an earlier step fails", "zh": "前面步骤不成立，不作判断"},
    "room": {"en": "where the step holds", "zh": "成立范围"},
    "verdict": {"en": "verdict", "zh": "结论"},
    "reached": {"en": "reached: {step}", "zh": "达到：{step}"},
    "none": {"en": "no step holds", "zh": "各步骤均不成立"},
    "rmsea": {"en": "RMSEA, 90% interval", "zh": "RMSEA，90% 区间"},
    "cfi": {"en": "CFI", "zh": "CFI"},
}  # fmt: skip


def draw_ladder(result: Invariance, ax: Axes | None = None) -> Axes:
    """The ladder of invariance: CFI at the left, RMSEA at the right, a row for each step, and how far it goes.

    The pale bar of a row is where the step would hold: CFI no lower, and RMSEA no higher, than the step before allows (for the
    first step the least CFI; its RMSEA is not judged). Ordered answers have a third limit, RMSEA_D, which is written where a step
    exceeds it. Solid dots hold, hollow ones fail, grey ones are shown but not judged
    since an earlier step fails. The thick line stands below the last step that holds.

    Parameters
    ----------
    result : Invariance, from :func:`servqual.invariance.invariance`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        The axes of CFI, with those of RMSEA as their child (``ax.child_axes[0]``). In both the collections "fit" (dots) and
        patches "room"; in the second "interval" too; in the first the line "reached", where a step holds.

    Raises
    ------
    SpecError
        If no step has a fit.

    Examples
    --------
    >>> import numpy as np
    >>> from servqual.correlations import ItemMatrix
    >>> from servqual.invariance import invariance
    >>> from servqual.plots import new_axes
    >>> r = np.full((4, 4), 0.5) + np.eye(4) * 0.5
    >>> group = ItemMatrix.from_matrix(r, 300, dimensions=["care"] * 4, mean=np.zeros(4))
    >>> ax = draw_ladder(invariance({"old": group, "new": group}, by="store"), new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['configural', 'metric', 'scalar', 'strict']
    """
    if not np.isfinite(result.frame["cfi"]).any():
        raise SpecError("a picture of the ladder needs the fit of at least one step; none converged.")
    chart = _ladder(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _ladder(result.in_language("en")), LATIN
    return _draw(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


@dataclass(frozen=True, eq=False)
class _Ladder:
    """The words and numbers of the picture: one entry a step.

    Attributes
    ----------
    state : "holds", "fails" or "open"
    cfi, rmsea, low, high : fit, nan where the step did not converge; bounds of RMSEA
    least_cfi, most_rmsea : what each step must keep to, nan where nothing is asked or known
    reached : place of the last step that holds, -1 for none
    """

    title: str
    steps: tuple[str, ...]
    verdicts: tuple[str, ...]
    remarks: tuple[str, ...]
    state: tuple[str, ...]
    cfi: Array
    rmsea: Array
    low: Array
    high: Array
    least_cfi: Array
    most_rmsea: Array
    reached: int
    words: dict[str, str]
    caption: str

    def texts(self) -> list[str]:
        """Everything that will be written."""
        return [self.title, self.caption, *self.steps, *self.verdicts, *self.remarks, *self.words.values()]


def _ladder(result: Invariance) -> _Ladder:
    frame, language = result.frame, result.language
    columns = {column.name: column for column in result.columns()}
    number = {
        name: frame[name].to_numpy(float)
        for name in ("cfi", "rmsea", "rmsea_low", "rmsea_high", "delta_cfi", "delta_rmsea")
    }
    least = number["cfi"] - number["delta_cfi"] - result.worst_cfi  # what the step before had, less what may be lost
    least[0] = result.least_cfi
    steps = [str(step) for step in frame["step"]]
    shown = tuple(columns["step"].show(step, language) for step in steps)
    reached = steps.index(result.reached) if result.reached in steps else -1
    words = {key: say(text, language) for key, text in _WORDS.items()}
    words["reached"] = words["reached"].replace("{step}", shown[reached]) if reached >= 0 else words["none"]
    state = tuple({"yes": "holds", "partial": "holds", "no": "fails"}.get(each, "open") for each in frame["holds"])
    reasons = frame["reason"].where(~np.isfinite(frame["cfi"]), "")
    remarks = tuple(columns["reason"].show(each, language) if each else "" for each in reasons)
    return _Ladder(
        title=result.title(), steps=shown,
        verdicts=tuple(_verdict(result, row) for row in frame.to_dict("records")), remarks=remarks, state=state,
        cfi=number["cfi"], rmsea=number["rmsea"], low=number["rmsea_low"], high=number["rmsea_high"], least_cfi=least,
        most_rmsea=number["rmsea"] - number["delta_rmsea"] + result.worst_rmsea, reached=reached, words=words,
        caption=result.note(),
    )  # fmt: skip


def _verdict(result: Invariance, row: dict[Hashable, Any]) -> str:
    """The verdict of a step, with what neither panel shows: the RMSEA of its difference, where that is why it fails."""
    shown = next(column for column in result.columns() if column.name == "holds").show(row["holds"], result.language)
    most = result.worst_rmsea_d
    if row["holds"] != "no" or most is None or not (row["rmsea_d"] > most and row["delta_p"] < 0.05):
        return shown or "–"
    why = f"RMSEA_D {row['rmsea_d']:.3f}".replace("0.", ".", 1)
    return f"{shown}（{why}）" if result.language == "zh" else f"{shown} ({why})"


def _draw(pen: Pen, chart: _Ladder) -> Axes:
    k = len(chart.steps)
    rows = Rows.stacked(pen, chart.steps, [""] * k, [False] * k, _ROW)
    left = rows.draw_labels(pen)
    strong = [place == chart.reached for place in range(k)]
    inks = [INK if state != "open" else GREY for state in chart.state]
    beside = _beside(pen, chart, left)
    right = rows.draw_figures(pen, [Figures(chart.words["verdict"], chart.verdicts, inks, strong)], beside + _GAP)
    other = second_axes(pen, _GAP, beside)
    second = Pen(other, pen.fonts)
    _draw_panel(pen, chart, rows, chart.cfi, chart.least_cfi, 1)
    _draw_panel(second, chart, rows, chart.rmsea, chart.most_rmsea, -1)
    inks = [_LOOK[state][1] for state in chart.state]
    other.hlines(rows.places, chart.low, chart.high, colors=inks, linewidth=1.8, label="interval", zorder=2.5)
    other.set_yticks([])
    for panel, words in ((pen, "cfi"), (second, "rmsea")):
        panel.write(chart.words[words], 0, 1, 0, 5, to="axes fraction", size=8.5, color=GREY, va="baseline")
    rows.draw_remarks(pen, chart.remarks)
    _draw_reached(pen, chart, rows, left, right)
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, 26.0))
    return pen.ax


def _beside(pen: Pen, chart: _Ladder, left: float) -> float:
    """Where the panel of RMSEA ends, from the end of that of CFI: both are equally wide."""
    verdict = 16 + max(pen.width(text, strong=True) for text in (chart.words["verdict"], *chart.verdicts))
    room = pen.full_width(left, 0) - left - verdict - 2 * _GAP
    return _GAP + max(room, 80) / 2


def _draw_panel(pen: Pen, chart: _Ladder, rows: Rows, value: Array, limit: Array, sign: int) -> None:
    """Dots of one index, and for each step the side of its limit on which it holds (sign 1: above, -1: below)."""
    bounds = np.concatenate([value, limit, *([] if sign > 0 else [chart.low, chart.high])])
    bounds = bounds[np.isfinite(bounds)]
    low, high = (float(bounds.min()), 1.0) if sign > 0 else (0.0, float(bounds.max()))
    air = 0.08 * (high - low) or 0.02
    ends = (max(low - air, 0.0), high) if sign > 0 else (low, high + air)
    pen.ax.set(xlim=ends)
    ticks = [
        float(t) for t in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(*ends) if ends[0] <= t <= ends[1] + 1e-9
    ]
    draw_grid(pen, ticks, [f"{t:.3f}".rstrip("0").rstrip(".") or "0" for t in ticks], rows.height)
    pen.ax.tick_params(axis="x", labeltop=False)
    for y, at in zip(rows.places, limit, strict=True):
        if np.isfinite(at):
            start = at if sign > 0 else ends[0]
            width = max((ends[1] if sign > 0 else at) - start, 0.0)
            pen.ax.add_patch(Rectangle((start, y - 8), width, 16, facecolor=GREEN, alpha=0.22, linewidth=0, label="room",
                                       zorder=1.5))  # fmt: skip
            pen.ax.plot([at, at], [y - 8, y + 8], color=GREEN, linewidth=1.4, label="limit", zorder=2)
    edges = [_LOOK[state][1] for state in chart.state]
    faces = [_LOOK[state][0] for state in chart.state]
    pen.ax.scatter(
        value, rows.places, s=42, linewidths=1.6, c=faces, edgecolors=edges, label="fit", zorder=4, clip_on=False
    )


_LOOK = {"holds": (BLUE, BLUE), "fails": ("white", VERMILION), "open": ("white", GREY)}


def _draw_reached(pen: Pen, chart: _Ladder, rows: Rows, left: float, right: float) -> None:
    """The line below the last step that holds."""
    if chart.reached < 0:
        return
    y = rows.places[chart.reached] + _ROW / 2
    place = blended_transform_factory(pen.points(0, 0), pen.ax.transData)
    width = pen.axes_width(left, right) + right
    pen.ax.plot(
        [-left, width], [y, y], color=INK, linewidth=1.8, transform=place, clip_on=False, label="reached", zorder=3
    )


def _key(chart: _Ladder) -> dict[str, Any]:
    """What is drawn, no more."""
    key: dict[str, Any] = {}
    for state in ("holds", "fails", "open"):
        if state in chart.state:
            face, edge = _LOOK[state]
            key[chart.words[state]] = Line2D([], [], linestyle="none", marker="o", markersize=6.5, markerfacecolor=face,
                                             markeredgecolor=edge, markeredgewidth=1.6)  # fmt: skip
    key[chart.words["room"]] = Patch(facecolor=GREEN, alpha=0.3, linewidth=0)
    line = {"color": INK, "linewidth": 1.8} if chart.reached >= 0 else {"linestyle": "none"}
    key[chart.words["reached"]] = Line2D([], [], **line)
    return key
