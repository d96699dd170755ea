"""What can a plan of sessions be expected to hear? One curve per number of sessions, over how common a theme is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from survey_design.focus_groups import heard_share
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from survey_design.focus_groups import FocusGroupPlan

Array = NDArray[Any]

_HEIGHT, _MOST = 210.0, 0.4  # points; the most common theme shown
_TOP = 1.02  # of the scale of chances
_LINE, _ROOM = 12.0, 24.0  # points from one label to the next; what a label beside a curve needs below it
_WORDS: Mapping[str, Text] = {
    "title": {"en": "How likely is a theme to be heard?", "zh": "一种看法有多大机会被听到？"},
    "x": {"en": "share of the segment that holds the theme", "zh": "细分中持有该看法的客户比例"},
    "one": {"en": "in one session", "zh": "只开一场"},
    "all": {"en": "in any of the segment's {k} sessions", "zh": "该细分 {k} 场中至少一场"},
    "twice": {"en": "in two or more of the {k}", "zh": "{k} 场中至少两场"},
    "caption": {
        "en": "{seats} seats in a session. Model: likeness within a session {icc}, sessions independent, who holds a theme "
        "says it; so these are upper bounds. Curves are those of the segment with fewest sessions: {segment}.",
        "zh": "每场 {seats} 人。模型：组内相关 {icc}，各场相互独立，持有者会说出，故为上限。曲线对应场次最少的细分：{segment}。",
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Curves:
    """The words and numbers of the picture."""

    title: str
    x: Array
    lines: tuple[tuple[str, Array], ...]
    marked: tuple[float, tuple[float, ...]]
    axis: str
    caption: str

    def texts(self) -> Iterator[str]:
        yield from (self.title, self.axis, self.caption, *(name for name, _ in self.lines))


def draw_heard(result: FocusGroupPlan, ax: Axes | None = None) -> Axes:
    """Chance that a theme comes up, by the share of a segment that holds it.

    Three curves for the segment with fewest sessions: one session, at least one of all its sessions, and two of them or
    more. Dots mark the theme that the plan's sentence speaks of.

    Parameters
    ----------
    result : FocusGroupPlan, from ``survey_design.focus_groups.plan_focus_groups``
    ax : Axes, optional
        Axes to draw on; without them a sheet of its own.

    Returns
    -------
    Axes
        Lines labelled "1", "all" and "twice".

    Examples
    --------
    >>> from survey_design.focus_groups import plan_focus_groups
    >>> from survey_design.plots.sheet import new_axes
    >>> ax = draw_heard(plan_focus_groups(["Wuhan"]), new_axes())
    >>> [line.get_label() for line in ax.lines if not line.get_label().startswith("_")]
    ['1', 'all', 'twice']
    """
    curves = _curves(result)
    fonts = fonts_for(curves.texts())
    if fonts is None:
        curves, fonts = _curves(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    key = _draw_lines(pen, curves)
    left, right = _draw_scales(pen, curves), 16.0
    top = pen.title(curves.title, left, right, pen.key(key, left, right, 12.0))
    bottom = pen.caption(curves.caption, left, right, 44.0)
    pen.fit(_HEIGHT, left, right, top, bottom)
    return pen.ax


def _curves(plan: FocusGroupPlan) -> _Curves:
    words = {key: say(text, plan.language) for key, text in _WORDS.items()}
    segment = min((name for name, count in plan.counts.items() if count), key=plan.sessions_of)
    k, most = plan.sessions_of(segment), max(_MOST, min(1.0, 1.5 * plan.theme_share))
    x = np.linspace(0, most, 201)

    def chances(share: Any) -> list[Any]:
        wanted = [(1, 1), (k, 1), (k, 2)]
        return [heard_share(share, n, plan.seats, icc=plan.icc, at_least=least) for n, least in wanted]

    names = [words["one"], words["all"].replace("{k}", str(k)), words["twice"].replace("{k}", str(k))]
    kept = (0, 1, 2) if k > 1 else (0,)  # of one session there is one curve
    caption = words["caption"].replace("{seats}", str(plan.seats)).replace("{icc}", f"{plan.icc:g}")
    caption = caption.replace("{segment}", say(plan.segments[segment], plan.language))
    lines, marks = chances(x), chances(plan.theme_share)
    shown = tuple((names[j], lines[j]) for j in kept)
    return _Curves(words["title"], x, shown, (plan.theme_share, tuple(marks[j] for j in kept)), words["x"], caption)


def _draw_lines(pen: Pen, curves: _Curves) -> dict[str, Line2D]:
    """The curves, their dots, and the key to them."""
    looks: tuple[tuple[str, Any, str], ...] = ((GREY, "-", "1"), (BLUE, "-", "all"), (VERMILION, "--", "twice"))
    key = {}
    share, marks = curves.marked
    places = label_places([mark / _TOP * _HEIGHT for mark in marks])
    pen.ax.axvline(share, color=PALE, linewidth=0.8, zorder=1)
    for (name, y), (color, style, label), mark, (left, dy) in zip(curves.lines, looks, marks, places, strict=False):
        pen.ax.plot(curves.x, y, style, color=color, linewidth=1.8, label=label, zorder=3)
        pen.ax.plot([share], [mark], "o", color=color, markersize=5, zorder=4)
        pen.ax.annotate(f"{100 * mark:.0f}%", (share, mark), (-6 if left else 6, dy), ha="right" if left else "left",
                        va="center_baseline", textcoords="offset points", **pen.look(8.5, color, True))  # fmt: skip
        key[name] = Line2D([], [], color=color, linestyle=style, linewidth=1.8)
    return key


def label_places(heights: Sequence[float]) -> list[tuple[bool, float]]:
    """Where the labels of dots on one upright line go, so that none lies on another: (left of it?, points above the dot).

    Curves rise to the right, so there is room above a dot on its left and below it on its right. The highest label goes
    left, the others right; one whose next dot below is too near goes left too, if there is room. What still stands too
    close on the right is moved apart, and up from the axis.

    >>> label_places([97.0, 202.0, 175.0]), label_places([187.0, 204.0, 171.0])
    ([(False, -11.0), (True, 8.0), (False, -11.0)], [(True, 8.0), (True, 8.0), (False, -11.0)])
    """
    order = sorted(range(len(heights)), key=lambda k: -heights[k])
    left = [len(heights) > 1 and k == order[0] for k in range(len(heights))]
    for above, k, below in zip(order, order[1:], order[2:], strict=False):
        near = heights[k] - heights[below] < _ROOM
        left[k] = near and heights[above] - heights[k] >= _LINE
    right = [k for k in order if not left[k]]
    at = [heights[k] - 11.0 for k in right]
    for j in range(1, len(at)):
        at[j] = min(at[j], at[j - 1] - _LINE)
    for j in reversed(range(len(at))):
        at[j] = max(at[j], at[j + 1] + _LINE if j + 1 < len(at) else _LINE / 2)
    moved = dict(zip(right, at, strict=True))
    return [(left[k], 8.0 if left[k] else moved[k] - heights[k]) for k in range(len(heights))]


def _draw_scales(pen: Pen, curves: _Curves) -> float:
    """Percents on both sides, thin lines across; the width of what stands left of the axes."""
    ax, step = pen.ax, 0.1 if curves.x[-1] > 0.25 else 0.05
    ax.set(xlim=(0, curves.x[-1]), ylim=(0, _TOP), axisbelow=True)
    ticks = np.arange(0, curves.x[-1] + step / 2, step)
    ax.set_xticks(ticks, [f"{100 * tick:.0f}%" for tick in ticks], **pen.look(8.5, GREY))
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"], **pen.look(8.5, GREY))
    ax.grid(visible=True, axis="y", color=PALE, linewidth=0.6)
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    pen.write(curves.axis, 0.5, 0, 0, -28, to="axes fraction", size=9.0, color=INK, ha="center")
    return pen.width("100%", 8.5) + 8
