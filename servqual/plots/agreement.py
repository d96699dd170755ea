"""How many visits make a store's score dependable, and how severe is each inspector?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from servqual.plots.forest import draw_forest
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.dependability.generalise import Severity
    from servqual.dependability.planned import Planned

_HEIGHT, _LEFT, _RIGHT, _BELOW = 240.0, 36.0, 20.0, 42.0  # points
_WORDS: Mapping[str, Text] = {
    "absolute": {"en": "Φ, pass or fail", "zh": "Φ（达标判断）"},
    "relative": {"en": "Eρ², ranking", "zh": "Eρ²（排名）"},
    "several": {"en": "another inspector each visit", "zh": "每次换一名检查员"},
    "several of chain": {"en": "as many inspectors as now", "zh": "沿用现有检查员人数"},
    "one": {"en": "one inspector for all visits", "zh": "全部由同一检查员访问"},
    "joined": {"en": "{}; {}", "zh": "{}；{}"},
    "band": {"en": "{level} interval of Φ", "zh": "Φ 的 {level} 区间"},
    "target": {"en": "wanted: {target}", "zh": "目标：{target}"},
    "across": {"en": "visits per store", "zh": "每店访问次数"},
    "up": {"en": "dependability", "zh": "可靠性"},
    "same": {"en": "Φ and Eρ² coincide in this design.", "zh": "此设计下 Φ 与 Eρ² 相同。"},
    "severe": {"en": "← severe", "zh": "← 偏严"},
    "lenient": {"en": "lenient →", "zh": "偏宽 →"},
}  # fmt: skip


def draw_visits(result: Planned, ax: Axes | None = None) -> Axes:
    """Dependability against visits per store: full lines with another inspector each time, broken ones with one for all.

    The band is the interval of Φ for the full line. Where severity of inspectors matters the broken line levels off: more visits
    by the same eyes do not help.

    Parameters
    ----------
    result : Planned, from :meth:`servqual.dependability.Dependability.plan`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        Lines "absolute several", "relative several", and with one inspector "absolute one", "relative one"; Eρ² is left out where it
        coincides with Φ. Line "target"; collection "band".

    Raises
    ------
    SpecError
        If there are no rows, or no coefficient can be given.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.dependability import dependability
    >>> from servqual.plots import new_axes
    >>> rows = [(s, i, (s * 7 + i * 3 + s * i) % 11) for s in range(8) for i in range(4)]
    >>> found = dependability(pd.DataFrame(rows, columns=["store", "inspector", "x"]), score="x", replicates=100)
    >>> [line.get_label() for line in draw_visits(found.plan(), new_axes()).lines][:2]
    ['target', 'absolute several']
    """
    frame = result.frame
    if frame[["relative", "absolute"]].isna().all(axis=None):
        raise SpecError("a picture of dependability needs rows with a coefficient; this result has none.")
    one_size = frame["stores"].nunique() == 1
    frame = frame if one_size else frame[frame["stores"] == frame["stores"].max()]
    same = bool(np.allclose(frame["absolute"], frame["relative"], atol=1e-9))

    def texts(shown: Planned) -> tuple[str, dict[str, str], str]:
        words = {key: say(text, shown.language) for key, text in _WORDS.items()}
        words["band"] = words["band"].replace("{level}", f"{100 * shown.level:g}%")
        words["target"] = words["target"].replace("{target}", f"{shown.target:.2f}")
        glue = "" if shown.language == "zh" else " "
        return shown.title(), words, glue.join(filter(None, [words["same"] if same else "", shown.note()]))

    title, words, caption = texts(result)
    fonts = fonts_for([title, caption, *words.values()])
    if fonts is None:
        (title, words, caption), fonts = texts(result.in_language("en")), LATIN
    pen = Pen(pyplot_axes() if ax is None else ax, fonts)
    _draw_frame(pen, frame, words)
    pen.ax.axhline(result.target, color=GREY, linewidth=1, linestyle="dashed", label="target", zorder=1.4)
    key = _draw_lines(pen, frame, words, same, result.of == "chain", result.inspected)
    key[words["target"]] = Line2D([], [], color=GREY, linewidth=1, linestyle="dashed")
    top = pen.title(title, _LEFT, _RIGHT, pen.key(key, _LEFT, _RIGHT, 26.0))
    pen.fit(_HEIGHT, _LEFT, _RIGHT, top, pen.caption(caption, _LEFT, _RIGHT, _BELOW))
    return pen.ax


def _draw_lines(
    pen: Pen, frame: pd.DataFrame, words: Mapping[str, str], same: bool, chain: bool, inspected: bool
) -> dict[str, Any]:
    """A line per coefficient and staffing; what they mean."""
    key: dict[str, Any] = {}
    most = frame.groupby("visits")["inspectors"].transform("max")
    series = {"several": frame[frame["inspectors"] == most], "one": frame[frame["inspectors"] == 1]}
    names = [name for name in (("absolute",) if same else ("absolute", "relative")) if frame[name].notna().any()]
    looks = [(name, *{"absolute": ("o", BLUE), "relative": ("s", GREEN)}[name]) for name in names]
    alone = len(series["one"]) > 1 and (series["one"]["visits"] > 1).any()
    for staffing, rows in series.items():
        if staffing == "one" and (not alone or rows.equals(series["several"])):
            continue
        told = words["several of chain"] if chain and staffing == "several" else words[staffing]
        told = told if inspected else ""
        full = staffing == "several"
        for name, marker, color in looks:
            look: dict[str, Any] = {"color": color, "marker": marker, "markersize": 5, "linewidth": 1.8 if full else 1.2,
                    "linestyle": "solid" if full else (0, (4, 2)), "markerfacecolor": color if full else "white"}  # fmt: skip
            pen.ax.plot(rows["visits"], rows[name], label=f"{name} {staffing}", zorder=3, clip_on=False, **look)
            key[words["joined"].format(words[name], told) if told else words[name]] = Line2D([], [], **look)
    rows = series["several"]
    if rows["absolute"].isna().all():
        return key
    pen.ax.fill_between(rows["visits"], rows["absolute_low"], rows["absolute_high"], color=BLUE, alpha=0.12, linewidth=0,
                        label="band", zorder=1.6)  # fmt: skip
    key[words["band"]] = Patch(facecolor=BLUE, alpha=0.2, linewidth=0)
    return key


def _draw_frame(pen: Pen, frame: pd.DataFrame, words: Mapping[str, str]) -> None:
    """From 0 to 1 upwards, visits across."""
    ax, visits = pen.ax, sorted(set(frame["visits"]))
    pad = 0.03 * (max(visits) - min(visits)) or 0.5
    ax.set(xlim=(min(visits) - pad, max(visits) + pad), ylim=(0, 1), axisbelow=True)
    ax.set_xticks(visits, [f"{n:,}" for n in visits], **pen.look(8.5, GREY))
    ticks = [k / 5 for k in range(6)]
    ax.set_yticks(ticks, [f"{t:.1f}" for t in ticks], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="y", color=PALE, linewidth=0.6, linestyle="-")
    ax.tick_params(axis="both", length=0)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set(visible=True, color=INK, linewidth=0.6)
    pen.write(words["up"], 0, 1, -_LEFT, 12, to="axes fraction", size=8.5, color=GREY, va="baseline")
    pen.write(words["across"], 1, 0, 0, -26, to="axes fraction", size=8.5, color=GREY, ha="right")


def draw_severity(result: Severity, ax: Axes | None = None) -> Axes:
    """Inspectors from the most severe to the most lenient, with intervals of prediction against the average.

    Parameters
    ----------
    result : Severity, from :meth:`servqual.dependability.Dependability.severity`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual.dependability import dependability
    >>> from servqual.plots import new_axes
    >>> rows = [(s, i, s * 2 + (0, 3, 7)[i] + (s * i) % 3) for s in range(8) for i in range(3)]
    >>> found = dependability(pd.DataFrame(rows, columns=["store", "inspector", "x"]), score="x", replicates=100)
    >>> [label.get_text() for label in draw_severity(found.severity(), new_axes()).get_yticklabels()]
    ['0', '1', '2']
    """
    columns, frame = {column.name: column for column in result.columns()}, result.frame
    reason = columns.get("reason")
    remarks = [reason.show(why, result.language) if reason else "" for why in frame["reason"]]
    return draw_forest(
        [columns["inspector"].show(name, result.language) for name in frame["inspector"]],
        frame["effect"].to_numpy(), frame["low"].to_numpy(), frame["high"].to_numpy(), n=frame["scores"].to_numpy(),
        remarks=remarks, heading=columns["effect"], ends=tuple(say(_WORDS[end], result.language) for end in ("severe", "lenient")),  # type: ignore[arg-type]
        title=result.title(), caption=result.note(), level=result.level, language=result.language, ax=ax,
    )  # fmt: skip
