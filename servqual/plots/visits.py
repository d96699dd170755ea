"""Pictures of mystery visits: groups by categories as coloured cells, scores before and after vetoes, kinds of visits compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS
from servqual.plots.cells import CellChart, draw_cells
from servqual.plots.forest import draw_forest
from servqual.plots.rows import Figures, joined
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.mystery.effects import VisitDifferences
    from servqual.mystery.scores import VisitScores

_WORDS: Mapping[str, Text] = {
    "total": {"en": "Total", "zh": "总分"},
    "n": {"en": "visits", "zh": "访问数"},
    "unit": {"en": "score, 0 to 100; white: {middle}, the mean of all", "zh": "得分（0–100）；白色为总均值 {middle}"},
    "order": {"en": "Sorted by the total, the lowest first.", "zh": "按总分排序，最低者在前。"},
    "few": {"en": "Grey figures: fewer than {minimum} visits.", "zh": "灰色数字：访问不足 {minimum} 次。"},
    "error": {"en": "{level} intervals of the totals reach {least} to {most} points to either side (median {median}); the table "
                    "has each.",
              "zh": "总分的 {level} 区间向两侧各延伸 {least} 至 {most} 分（中位数 {median}），逐格区间见表。"},
    "no error": {"en": "No interval can be given; the table says why.", "zh": "均无区间，原因见表。"},
    "final": {"en": "Scores after vetoes.", "zh": "得分为否决后。"},
    "raw": {"en": "Scores before vetoes.", "zh": "得分为否决前。"},
    "dots": {"en": "Dot: after vetoes, with its {level} interval; upright tick: before them, where that differs. Line: the "
                   "total score.",
             "zh": "圆点：否决后得分及其 {level} 区间；竖线：否决前得分（不同时标出）。直线：总分。"},
    "dots raw": {"en": "Scores before vetoes with their {level} intervals. Line: the total score.",
                 "zh": "否决前得分及其 {level} 区间。直线：总分。"},
    "differences": {"en": "{level} intervals, each by itself; p adjusted over the whole table: {adjust}.",
                    "zh": "{level} 区间，逐行计算；p 值校正：{adjust}（全表）。"},
    "lower": {"en": "← first lower", "zh": "← 前者较低"},
    "higher": {"en": "first higher →", "zh": "前者较高 →"},
}  # fmt: skip


def draw_visit_map(scores: VisitScores, ax: Axes | None = None, *, part: str = "category", minimum: int = 2) -> Axes:
    """Scores of every group (store, tier) by category or indicator as coloured cells, the total first, the lowest row on top.

    White is the mean of all visits' totals; orange cells lie below it, blue ones above. Figures of groups with fewer than
    ``minimum`` visits are grey.

    Parameters
    ----------
    scores : VisitScores split by one column
    part : "category" or "indicator"
    minimum : visits

    Returns
    -------
    Axes
        Collection "cells": its array holds the scores, row by row.

    Raises
    ------
    SpecError
        If the scores are not split by one column.
    """
    if len(scores.by) != 1 or part not in ("category", "indicator"):
        raise SpecError(
            "a map of visits needs scores split by one column, and part='category' or 'indicator'. Use "
            "score_visits(visits, by='store')."
        )
    chart = _map(scores, part, minimum)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _map(scores.in_language("en"), part, minimum), LATIN
    return draw_cells(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


def _map(scores: VisitScores, part: str, minimum: int) -> CellChart:
    by, language = scores.by[0], scores.language
    frame = scores.frame[scores.frame["part"].isin(["total", part])]
    order = list(dict.fromkeys(frame["id"]))
    labels = dict(zip(frame["id"], frame["label"], strict=True)) | {"total": say(_WORDS["total"], language)}
    total = frame[frame["id"] == "total"].sort_values("score", kind="stable", na_position="last")
    groups = list(total[by])
    values = frame.pivot(index=by, columns="id", values="score").reindex(index=groups, columns=order).to_numpy(float)
    visits = total["n"].to_numpy(int)
    middle = float(np.average(total["score"].fillna(0), weights=visits))
    known = np.isfinite(values)
    ends = (float(min(np.floor(values[known].min(initial=middle)), middle - 1)), max(100.0, middle + 1))
    half = ((total["high"] - total["low"]) / 2).dropna()
    filled = {"{middle}": f"{middle:.1f}", "{minimum}": str(minimum), "{level}": f"{100 * scores.level:g}%"}
    if len(half):
        filled |= {
            "{least}": f"{half.min():.1f}",
            "{most}": f"{half.max():.1f}",
            "{median}": f"{half.median():.1f}",
        }
    words = {key: _filled(text, language, filled) for key, text in _WORDS.items()}
    few = visits < minimum
    return CellChart(
        title=scores.title(), labels=tuple(scores.group([group]) for group in groups), blocks=("",) * len(groups),
        headings=tuple(labels[name] for name in order), column_blocks=tuple("total" if name == "total" else "" for name in order),
        values=values, written=known, faint=np.broadcast_to(few[:, None], values.shape),
        figures=(Figures(words["n"], [f"{n:,}" for n in visits]),), unit=words["unit"],
        caption=joined([words["order"], words[scores.of], words["error" if len(half) else "no error"],
                        words["few"] if few.any() else ""], language),
        middle=middle, ends=ends, figure=_one_decimal,
    )  # fmt: skip


def _one_decimal(value: float) -> str:
    """
    >>> _one_decimal(71.25), _one_decimal(float("nan"))
    ('71.2', '–')
    """
    return f"{value:.1f}" if np.isfinite(value) else "–"


def _filled(text: Text, language: str, blanks: Mapping[str, str]) -> str:
    words = say(text, language)
    for blank, filling in blanks.items():
        words = words.replace(blank, filling)
    return words


def draw_visit_scores(scores: VisitScores, ax: Axes | None = None) -> Axes:
    """Total, categories and indicators with their intervals, and what they were before vetoes.

    Parameters
    ----------
    scores : VisitScores that are not split

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`, and a collection "raw" with the scores before vetoes where they differ.
    """
    if scores.by:
        raise SpecError("scores that are split are drawn as a map: draw_visit_map(scores).")
    frame, language = scores.frame[scores.frame["part"] != "item"].reset_index(drop=True), scores.language
    words = {key: _filled(text, language, {"{level}": f"{100 * scores.level:g}%"}) for key, text in _WORDS.items()}
    parts = next(column for column in scores.columns() if column.name == "part")
    differs = (frame["raw"] - frame["final"]).to_numpy() > 1e-9
    before = frame["raw"].where(differs & (scores.of == "final"))
    drawn = draw_forest(
        list(frame["label"]), frame["score"].to_numpy(float), frame["low"].to_numpy(float), frame["high"].to_numpy(float),
        blocks=[parts.show(part, language) for part in frame["part"]], n=frame["n"].to_numpy(float),
        null=round(float(frame["score"].iloc[0]), 1), heading=NUMBER_COLUMNS["score"], title=scores.title(),
        caption=words["dots" if scores.of == "final" else "dots raw"], level=scores.level, language=language, ax=ax,
        also=before.dropna().to_numpy(float),
    )  # fmt: skip
    if before.notna().any():
        _draw_raw(drawn, before)
    return drawn


def _draw_raw(ax: Axes, before: pd.Series) -> None:
    """Upright ticks at the scores before vetoes, where there are such."""
    there = before.notna().to_numpy()
    places: Any = np.asarray(ax.get_yticks())[there]
    ax.scatter(before[there], places, marker="|", s=80, linewidths=1.6, c=VERMILION, label="raw", zorder=4,
               clip_on=False)  # fmt: skip


def draw_visit_differences(table: VisitDifferences, ax: Axes | None = None) -> Axes:
    """Differences between kinds of visits with their intervals, under the heading of each score.

    Returns
    -------
    Axes
        As in :func:`servqual.plots.draw_forest`.
    """
    language, column = table.language, table.compared
    frame = table.frame
    order = frame.assign(at=frame["id"].map({name: k for k, name in enumerate(dict.fromkeys(frame["id"]))}))
    frame = order.sort_values("at", kind="stable").reset_index(drop=True)
    pairs = [f"{column.show(a, language)} − {column.show(b, language)}"
             for a, b in zip(frame[table.by], frame["against"], strict=True)]  # fmt: skip
    blanks = {"{level}": f"{100 * table.level:g}%", "{adjust}": say(ADJUSTMENTS[table.adjust], language)}
    words = {key: _filled(text, language, blanks) for key, text in _WORDS.items()}
    return draw_forest(
        pairs, frame["difference"].to_numpy(float), frame["low"].to_numpy(float), frame["high"].to_numpy(float),
        blocks=list(frame["label"]), p=frame["p_adjusted"].to_numpy(float), n=frame["n"].to_numpy(float),
        heading=NUMBER_COLUMNS["difference"], ends=(words["lower"], words["higher"]), title=table.title(),
        caption=words["differences"], level=table.level, language=language, ax=ax,
    )  # fmt: skip
