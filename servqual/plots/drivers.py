"""What drives the outcome? Importance with its open ranks, penalties beside rewards, and Kano's map of better and worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from servqual.plots.rows import Figures, Rows, draw_foot, draw_grid, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.drivers import Drivers, KanoTable, PenaltyReward

Array = NDArray[Any]

_WORDS: Mapping[str, Text] = {
    "derived": {"en": "derived, {level} interval", "zh": "推导值，{level} 区间"},
    "stated": {"en": "stated", "zh": "自述"},
    "share": {"en": "share", "zh": "份额"},
    "value": {"en": "value", "zh": "数值"},
    "rank": {"en": "rank", "zh": "排名"},
    "first": {"en": "first", "zh": "居首"},
    "top3": {"en": "top 3", "zh": "前三"},
    "of all": {"en": "percent of what all drivers explain", "zh": "占全部驱动因素解释力的百分比"},
    "read drivers": {"en": "Rank: place, and in brackets the places that the data leave open.", "zh": "排名：括号内为数据未能排除的名次。"},
    "penalty": {"en": "low score (penalty)", "zh": "低分（惩罚）"},
    "reward": {"en": "high score (reward)", "zh": "高分（奖励）"},
    "kind": {"en": "kind", "zh": "类型"},
    "worse outcome": {"en": "← worse outcome", "zh": "← 结果变差"},
    "better outcome": {"en": "better outcome →", "zh": "结果变好 →"},
    "read penalty": {"en": "Points of the outcome against a middling score, {level} intervals; solid where 0 is outside.",
                     "zh": "相对中间得分的结果分差，{level} 区间；实心表示区间不含 0。"},
    "basic": {"en": "basic", "zh": "基本型"},
    "excitement": {"en": "excitement", "zh": "兴奋型"},
    "performance": {"en": "performance", "zh": "绩效型"},
    "undecided": {"en": "undecided", "zh": "未定"},
    "weak": {"en": "not shown", "zh": "未显示"},
    "better": {"en": "better: share pleased when it is there", "zh": "Better：具备时满意的比例"},
    "worse": {"en": "worse: share annoyed when it is missing", "zh": "Worse：缺少时不满的比例"},
    "M": {"en": "must-be", "zh": "必备"},
    "O": {"en": "one-dimensional", "zh": "期望"},
    "A": {"en": "attractive", "zh": "魅力"},
    "I": {"en": "indifferent", "zh": "无差异"},
    "R": {"en": "reverse", "zh": "反向"},
    "Q": {"en": "questionable", "zh": "可疑"},
    "read kano": {"en": "Crosses: {level} intervals. Solid: category clear by Fong's test; open: decided by the rule M > O > A > I.",
                  "zh": "十字：{level} 区间。实心：类别经 Fong 检验明确；空心：按 M > O > A > I 次序判定。"},
}  # fmt: skip
_LOOKS = {
    "M": ("s", VERMILION),
    "O": ("o", BLUE),
    "A": ("^", GREEN),
    "I": ("D", GREY),
    "R": ("v", INK),
    "Q": ("X", INK),
}
_KANO_HEIGHT, _LETTER = 330.0, 8.0  # points
_APART = 7.0  # points between a mark and its label


def _words(language: str, level: float) -> dict[str, str]:
    return {key: say(text, language).replace("{level}", f"{100 * level:g}%") for key, text in _WORDS.items()}


@dataclass(frozen=True, eq=False)
class RowChart:
    """The words and numbers of a picture made of rows."""

    title: str
    labels: tuple[str, ...]
    blocks: tuple[str, ...]
    marks: tuple[Array, ...]
    figures: tuple[tuple[str, tuple[str, ...]], ...]
    words: Mapping[str, str]
    caption: str

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.labels, *self.blocks, *self.words.values())
        yield from (text for head, cells in self.figures for text in (head, *cells))


# --- importance --------------------------------------------------------------------------------------------


def draw_drivers(result: Drivers, ax: Axes | None = None) -> Axes:
    """Importance of each driver with its interval, most important first, and how open its rank is.

    Shares of R² are drawn as percent of what all drivers explain, stated points beside them as open diamonds; coefficients and
    correlations as they are.

    Parameters
    ----------
    result : Drivers, from :func:`servqual.drivers.drivers`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections "interval" and "importance", and "stated" where it was asked in points.

    Raises
    ------
    SpecError
        If no driver has an importance.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Bootstrap
    >>> from servqual.drivers import drivers
    >>> from servqual.plots import new_axes
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame(rng.normal(size=(200, 2)), columns=["queue", "smile"])
    >>> frame["mood"] = frame["queue"] + 2 * frame["smile"]
    >>> found = drivers(frame, outcome="mood", drivers=["queue", "smile"], interval=Bootstrap(50))
    >>> [label.get_text() for label in draw_drivers(found, new_axes()).get_yticklabels()]
    ['smile', 'queue']
    """
    if not np.isfinite(result.frame["importance"]).any():
        raise SpecError("a picture of drivers needs the importance of at least one; there is none.")
    chart = _drivers_chart(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _drivers_chart(result.in_language("en")), LATIN
    pen, shares = Pen(pyplot_axes() if ax is None else ax, fonts), result.method_used in ("shapley", "johnson")
    value, low, high, stated = chart.marks
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels))
    inside = np.concatenate([value, low, high, stated])
    _draw_axis(pen, inside[np.isfinite(inside)], rows.height, from_zero=True)
    places = np.array(rows.places)
    pen.ax.hlines(places, low, high, colors=BLUE, linewidth=2.2, label="interval", zorder=3)
    pen.ax.scatter(value, places, marker="o", s=36, c=BLUE, label="importance", zorder=5, clip_on=False)
    key = {chart.words["derived"]: Line2D([], [], color=BLUE, marker="o", markersize=6, linewidth=2.2)}
    if np.isfinite(stated).any():
        look: dict[str, Any] = {"marker": "D", "facecolors": "white", "edgecolors": VERMILION}
        pen.ax.scatter(stated, places, s=34, linewidths=1.5, label="stated", zorder=4, clip_on=False, **look)
        key[chart.words["stated"]] = Line2D([], [], linestyle="", marker="D", markersize=6, markerfacecolor="white",
                                            markeredgecolor=VERMILION, markeredgewidth=1.5)  # fmt: skip
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(head, cells, [INK] * len(cells)) for head, cells in chart.figures])
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    foot = draw_foot(pen, (chart.words["of all"] if shares else "", ""), chart.caption, left, right)
    pen.fit(rows.height, left, right, top, foot)
    return pen.ax


def _drivers_chart(result: Drivers) -> RowChart:
    language, shares = result.language, result.method_used in ("shapley", "johnson")
    words, columns = _words(language, result.level), {column.name: column for column in result.columns()}
    frame = _by_rank(result)
    names = ("share", "share_low", "share_high") if shares else ("importance", "low", "high")
    factor = 100.0 if shares else 1.0
    numbers = [factor * frame[name].to_numpy(float) for name in names]
    in_points = shares and result.stated_scale == "points"
    stated = 100 * frame["stated"].to_numpy(float) if in_points else np.full(len(frame), np.nan)
    shown = [columns["share" if shares else "importance"].show(value, language) for value in frame[names[0]]]
    figures = [
        (words["share" if shares else "value"], tuple(shown)),
        (words["rank"], tuple(map(open_rank, frame.to_dict("records")))),
    ]
    figures += [(words[name], tuple(chance_figure(value) for value in frame[name]))
                for name in (("first", "top3") if len(result.labels) > 3 else ("first",))]  # fmt: skip
    method = columns["importance"].heading(language)
    stop = "。" if language == "zh" else "."
    return RowChart(
        title=result.title(), labels=tuple(say(result.labels[name], language) for name in frame["driver"]),
        blocks=tuple(result.group([row[name] for name in result.by]) for row in frame.to_dict("records")),
        marks=(*numbers, stated), figures=tuple(figures), words=words,
        caption=joined([method + stop, words["read drivers"], result.note()], language),
    )  # fmt: skip


def _by_rank(result: Drivers) -> pd.DataFrame:
    """Groups in the order of the table, in each the most important first."""
    frame = result.frame
    order = frame.groupby(list(result.by), sort=False).ngroup() if result.by else pd.Series(0, index=frame.index)
    return frame.assign(_group=order).sort_values(["_group", "rank"], kind="stable", na_position="last")


def open_rank(row: Mapping[Any, Any]) -> str:
    """A rank and the ranks left open.

    >>> (
    ...     open_rank({"rank": 1.0, "rank_low": 1.0, "rank_high": 3.0}),
    ...     open_rank({"rank": 2.0, "rank_low": 2.0, "rank_high": 2.0}),
    ... )
    ('1 (1–3)', '2')
    """
    if not np.isfinite(row["rank"]):
        return "–"
    if not np.isfinite(row["rank_low"]) or row["rank_low"] == row["rank_high"]:
        return f"{row['rank']:.0f}"
    return f"{row['rank']:.0f} ({row['rank_low']:.0f}–{row['rank_high']:.0f})"


def chance_figure(chance: float) -> str:
    """A chance in few letters, without claiming certainty.

    >>> chance_figure(0.9996), chance_figure(0.0), chance_figure(0.42)
    ('>99%', '<1%', '42%')
    """
    if not np.isfinite(chance):
        return "–"
    return ">99%" if chance > 0.995 else "<1%" if chance < 0.005 else f"{100 * chance:.0f}%"


def _draw_axis(pen: Pen, inside: Array, height: float, *, from_zero: bool) -> None:
    """A few round numbers, and the line of nothing."""
    low, high = min(0.0, float(inside.min())), max(0.0, float(inside.max()))
    air = 0.04 * (high - low) or 0.5
    low, high = (low if from_zero and low == 0 else low - air), high + air
    ticks = [float(x) for x in MaxNLocator(6).tick_values(low, high) if low <= x <= high]
    pen.ax.set(xlim=(low, high))
    draw_grid(pen, ticks, [f"{tick:.6g}".replace("-", "−") for tick in ticks], height)
    pen.ax.vlines(0, 0, height, colors=INK, linewidth=0.9, label="null", zorder=1.4)


# --- penalty and reward ------------------------------------------------------------------------------------


def draw_penalty_reward(result: PenaltyReward, ax: Axes | None = None) -> Axes:
    """What a low and what a high score do to the outcome, a row for each driver, both marks with their intervals.

    Parameters
    ----------
    result : PenaltyReward, from :func:`servqual.drivers.penalty_reward`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Collections "penalty", "reward" and their intervals.

    Raises
    ------
    SpecError
        If no driver has a penalty.

    Examples
    --------
    >>> from servqual.drivers import penalty_reward
    >>> from servqual.plots import new_axes
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"queue": rng.integers(1, 8, 300)})
    >>> frame["mood"] = 5 - 2.0 * (frame["queue"] <= 2) + rng.normal(0, 0.5, 300)
    >>> ax = draw_penalty_reward(penalty_reward(frame, outcome="mood", drivers=["queue"]), new_axes())
    >>> [each.get_label() for each in ax.collections]
    ['null', 'penalty interval', 'penalty', 'reward interval', 'reward']
    """
    if not np.isfinite(result.frame["penalty"]).any():
        raise SpecError("a picture of penalties needs at least one driver that has one; there is none.")
    chart = _penalty_chart(result)
    fonts = fonts_for(list(chart.texts()))
    if fonts is None:
        chart, fonts = _penalty_chart(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    rows = Rows.stacked(pen, chart.labels, chart.blocks, [False] * len(chart.labels))
    inside = np.concatenate(chart.marks)
    _draw_axis(pen, inside[np.isfinite(inside)], rows.height, from_zero=False)
    places, key = np.array(rows.places), {}
    for side, shape, color, shift in (("penalty", "s", VERMILION, -3.5), ("reward", "o", BLUE, 3.5)):
        value, low, high = chart.marks[:3] if side == "penalty" else chart.marks[3:]
        faces = [color if (a > 0 or b < 0) else "white" for a, b in zip(low, high, strict=True)]
        pen.ax.hlines(places + shift, low, high, colors=color, linewidth=2, label=f"{side} interval", zorder=3)
        pen.ax.scatter(value, places + shift, marker=shape, s=32, linewidths=1.5, c=faces, edgecolors=color, label=side, zorder=5,
                       clip_on=False)  # fmt: skip
        key[chart.words[side]] = Line2D([], [], color=color, marker=shape, markersize=6, linewidth=2)
    left = rows.draw_labels(pen)
    right = rows.draw_figures(pen, [Figures(head, cells, [INK] * len(cells)) for head, cells in chart.figures])
    top = pen.title(chart.title, left, right, pen.key(key, left, right))
    foot = draw_foot(pen, (chart.words["worse outcome"], chart.words["better outcome"]), chart.caption, left, right)
    pen.fit(rows.height, left, right, top, foot)
    return pen.ax


def _penalty_chart(result: PenaltyReward) -> RowChart:
    language, frame, words = result.language, result.frame, _words(result.language, result.level)
    columns = {column.name: column for column in result.columns()}
    names = [f"{side}{end}" for side in ("penalty", "reward") for end in ("", "_low", "_high")]
    figures = [(columns[name].heading(language), tuple(columns[name].show(value, "en") for value in frame[name]))
               for name in ("penalty", "reward")]  # fmt: skip
    figures.append((words["kind"], tuple(words.get(kind, "–") for kind in frame["kind"])))
    return RowChart(
        title=result.title(), labels=tuple(say(result.labels[name], language) for name in frame["driver"]),
        blocks=tuple(result.group([row[name] for name in result.by]) for row in frame.to_dict("records")),
        marks=tuple(frame[name].to_numpy(float) for name in names), figures=tuple(figures), words=words,
        caption=joined([words["read penalty"], result.note()], language),
    )  # fmt: skip


# --- Kano --------------------------------------------------------------------------------------------------


def draw_kano(result: KanoTable, ax: Axes | None = None) -> Axes:
    """Every feature by how many it annoys when missing (across) and pleases when there (up); shapes are categories.

    Parameters
    ----------
    result : KanoTable, from :func:`servqual.drivers.kano`, of one group
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Lines labelled with the features, collections "better" and "worse" (their intervals); both axes run from 0 to 1.

    Raises
    ------
    SpecError
        If the result is split into groups, or no feature has a place.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.drivers import kano
    >>> from servqual.plots import new_axes
    >>> table = kano(pd.DataFrame({"f": [1, 1, 3, 1] * 5, "d": [5, 3, 5, 3] * 5}), {"parking": ("f", "d")})
    >>> [line.get_label() for line in draw_kano(table, new_axes()).lines if line.get_label() == "parking"]
    ['parking']
    """
    if result.by:
        raise SpecError("a Kano map shows one group. Make the table without by=, or from the responses of one group.")
    if not np.isfinite(result.frame["better"]).any():
        raise SpecError("a Kano map needs a feature with answers; there is none.")
    chart = _kano_chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _kano_chart(result.in_language("en")), LATIN
    pen, left, right = Pen(pyplot_axes() if ax is None else ax, fonts), 34.0, 14.0
    _draw_map(pen, chart)
    names = [chart.words[kind] for kind in _LOOKS if kind in chart.kinds]
    looks = [_LOOKS[kind] for kind in _LOOKS if kind in chart.kinds]
    key = {name: Line2D([], [], linestyle="", marker=shape, color=color, markersize=7) for name, (shape, color) in
           zip(names, looks, strict=True)}  # fmt: skip
    pen.write(chart.words["better"], 0, 1, -left, 8, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(chart.words["worse"], 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")
    top = pen.title(chart.title, left, right, pen.key(key, left, right, 24.0))
    pen.fit(_KANO_HEIGHT, left, right, top, pen.caption(chart.caption, left, right, 42.0))
    return pen.ax


@dataclass(frozen=True, eq=False)
class _KanoChart:
    """The words and numbers of the map: one entry a feature; ``better`` and ``worse`` are (k, 3) with bounds, both positive."""

    title: str
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    clear: tuple[bool, ...]
    better: Array
    worse: Array
    words: Mapping[str, str]
    caption: str

    def texts(self) -> list[str]:
        """Everything that will be written."""
        return [self.title, self.caption, *self.labels, *self.words.values()]


def _kano_chart(result: KanoTable) -> _KanoChart:
    frame = result.frame[np.isfinite(result.frame["better"])]
    words = _words(result.language, result.level)
    worse = -frame[["worse", "worse_high", "worse_low"]].to_numpy(float)
    return _KanoChart(
        result.title(), tuple(say(result.labels[name], result.language) for name in frame["feature"]), tuple(frame["category_rule"]),
        tuple(map(bool, frame["clear"])), frame[["better", "better_low", "better_high"]].to_numpy(float), worse, words,
        joined([words["read kano"], result.note()], result.language),
    )  # fmt: skip


def _draw_map(pen: Pen, chart: _KanoChart) -> None:
    ax, ticks = pen.ax, [0, 0.25, 0.5, 0.75, 1]
    ax.set(xlim=(0, 1), ylim=(0, 1), axisbelow=True)
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks], **pen.look(8.5, GREY))
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks], **pen.look(8.5, GREY))
    ax.grid(color=PALE, linewidth=0.6)
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    for draw in (ax.axhline, ax.axvline):
        draw(0.5, color=INK, linewidth=0.9, label="half", zorder=1.4)
    x, y = chart.worse, chart.better
    ax.hlines(y[:, 0], x[:, 1], x[:, 2], colors=PALE, linewidth=1.2, label="worse", zorder=1.8)
    ax.vlines(x[:, 0], y[:, 1], y[:, 2], colors=PALE, linewidth=1.2, label="better", zorder=1.8)
    for corner, (place_x, place_y, ha) in {
        "A": (0, 1, "left"),
        "O": (1, 1, "right"),
        "I": (0, 0, "left"),
        "M": (1, 0, "right"),
    }.items():
        shift = (6 if ha == "left" else -6, -10 if place_y else 10)
        pen.write(
            chart.words[corner], place_x, place_y, *shift, to="axes fraction", size=9.5, color=GREY, ha=ha, strong=True
        )
    for k, (label, kind) in enumerate(zip(chart.labels, chart.kinds, strict=True)):
        shape, color = _LOOKS[kind]
        ax.plot([x[k, 0]], [y[k, 0]], marker=shape, markersize=7, linestyle="none", markeredgecolor=color, markeredgewidth=1.5,
                markerfacecolor=color if chart.clear[k] else "white", label=label, zorder=4, clip_on=False)  # fmt: skip
    width = pen.axes_width(34.0, 14.0)
    marks = np.column_stack([x[:, 0] * width, y[:, 0] * _KANO_HEIGHT])
    for k, (dx, dy) in enumerate(
        label_places(marks, [pen.width(text, _LETTER) for text in chart.labels], (width, _KANO_HEIGHT))
    ):
        pen.write(chart.labels[k], x[k, 0], y[k, 0], dx, dy, size=_LETTER, zorder=6)


def label_places(marks: Array, widths: Sequence[float], room: tuple[float, float]) -> list[tuple[float, float]]:
    """Where each label begins, in points from its mark: the first place beside it that touches no mark and no other label.

    >>> label_places(np.array([[50.0, 50.0], [58.0, 50.0]]), [20.0, 20.0], (200.0, 100.0))
    [(-27.0, 0.0), (7.0, 0.0)]
    """
    taken: list[tuple[float, float, float, float]] = [(x - 5, y - 5, x + 5, y + 5) for x, y in marks.tolist()]
    found = []
    for k, ((x, y), width) in enumerate(zip(marks.tolist(), widths, strict=True)):
        others = [box for j, box in enumerate(taken) if j != k]
        choices = [(dx, dy) for dy in (0.0, 9.0, -9.0, 15.0, -15.0, 21.0, -21.0) for dx in (_APART, -_APART - width, -width / 2)
                   if not (dx == -width / 2 and abs(dy) < 9)]  # fmt: skip
        boxes = [(x + dx, y + dy - 5, x + dx + width, y + dy + 5) for dx, dy in choices]
        cost = [_covered(box, others) + _outside(box, room) for box in boxes]
        best = int(np.argmin(cost))
        taken.append(boxes[best])
        found.append(choices[best])
    return found


def _covered(box: tuple[float, float, float, float], others: Sequence[tuple[float, float, float, float]]) -> float:
    """Area of a box that others cover."""
    return float(
        sum(
            max(0.0, min(box[2], o[2]) - max(box[0], o[0])) * max(0.0, min(box[3], o[3]) - max(box[1], o[1]))
            for o in others
        )
    )


def _outside(box: tuple[float, float, float, float], room: tuple[float, float]) -> float:
    """How far a box sticks out of the axes, weighed so that covering is rather borne."""
    return 20 * (max(0.0, -box[0]) + max(0.0, box[2] - room[0]) + max(0.0, -box[1]) + max(0.0, box[3] - room[1]))
