"""What may be said of a gap: a finding where it was tested, else why it could not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.report.words import word
from survey_design.results import say

if TYPE_CHECKING:
    from servqual.comparison import Comparison
    from servqual.gaps import GapScores, GapTable, PerformanceScores, PerformanceTable
    from servqual.tolerance import ToleranceScores


def is_tested(frame: pd.DataFrame) -> pd.Series:
    """Rows that have a p-value. One answer, no variation or no degrees of freedom leave none.

    >>> is_tested(pd.DataFrame({"p": [0.2, float("nan")]})).tolist()
    [True, False]
    """
    return frame["p"].notna()


def is_clear(frame: pd.DataFrame, level: float) -> pd.Series:
    """Rows whose corrected p excludes chance at the level of the intervals.

    >>> is_clear(pd.DataFrame({"p_adjusted": [0.01, 0.2, float("nan")]}), 0.95).tolist()
    [True, False, False]
    """
    return frame["p_adjusted"] < 1 - level


def open_comparisons(comparison: Comparison) -> tuple[int, int]:
    """How many comparisons stay within what chance explains, and how many were tested at all."""
    tested = is_tested(comparison.frame)
    return int((tested & ~is_clear(comparison.frame, comparison.level)).sum()), int(tested.sum())


def untested(table: GapTable) -> dict[str, list[str]]:
    """Gaps that are known but cannot be tested, in words, under the reason why."""
    found: dict[str, list[str]] = {}
    frame = table.frame[~is_tested(table.frame) & np.isfinite(table.frame["gap"])]
    shown = {column.name: column for column in table.columns()}
    for _, row in frame.iterrows():
        reason = table.estimate(row[table.what], **{name: row[name] for name in table.by}).reason
        name, gap = (shown[key].show(row[key], table.language) for key in (table.what, "gap"))
        found.setdefault(reason, []).append(f"{name} {gap}")
    return found


def gap_sentence(table: GapTable, key: str, **group: Any) -> str:
    """One row in words. Where nothing was tested it says so, and shows no interval without width."""
    row = table.frame[table.frame[table.what] == key]
    for name, value in group.items():
        row = row[row[name] == value]
    if (row["reason"] == "suppressed").all():
        return table.sentence(key, **group)
    estimate = table.estimate(key, **group)
    if np.isfinite(estimate.p) or not np.isfinite(estimate.value):
        return table.sentence(key, **group)
    name = say(table.words().get(key, {"en": key}), table.language)
    place = table.group([group[column] for column in table.by])
    if place:
        name += f"（{place}）" if table.language == "zh" else f" ({place})"
    gap = next(column for column in table.columns() if column.name == "gap").show(estimate.value, table.language)
    return word("not testable", table.language, name=name, gap=gap, reason=estimate.reason, n=estimate.n)


def performance_sentence(table: PerformanceTable, key: str, **group: Any) -> str:
    """One perception score in words, with its interval and base; where there is none, why."""
    from servqual.inference import REASONS

    row = table.row(key, group)
    name = table.place(row)
    if not np.isfinite(row["perception"]):
        why = say(REASONS[row["reason"]], table.language)
        return word("no perception", table.language, name=name, reason=why)
    estimate = table.as_estimate(row, "perception")
    named = {"name": name, "value": f"{row['perception']:.2f}", "n": int(row["n"])}
    error = estimate.interval(table.language) if np.isfinite(row["low"]) else estimate.reason
    return word("perception of", table.language, error=error, **named)


def headlines(
    gaps: Sequence[GapScores],
    zones: Sequence[ToleranceScores],
    minimum_base: int,
    performance: Sequence[PerformanceScores] = (),
) -> list[str]:
    """The total, and the widest shortfall of a dimension; of gaps, else of the zone of tolerance, else perceptions."""
    from servqual.report.small_cells import SmallCells

    small = SmallCells(minimum_base)
    if performance:
        alone = performance[0]
        lowest = alone.frame.sort_values("perception", kind="stable")["dimension"].iloc[0]
        told = [(alone.total, "mean"), (alone, lowest)]
        return [performance_sentence(each, key) for each, key in told if not small.is_few(each.frame).any()]
    if not gaps:
        total, table = zones[0].total, zones[0].dimensions
        lowest = table.frame.sort_values("adequacy", kind="stable")["dimension"].iloc[0]
        shown = [(total, "mean"), (table, lowest)]
        return [each.sentence(key) for each, key in shown if not small.is_few(each.frame).any()]
    scores = small.gaps(gaps[0])
    widest = scores.dimensions.frame.sort_values("gap", kind="stable")["dimension"].iloc[0]
    return [gap_sentence(scores.total, "mean"), gap_sentence(scores.dimensions, widest)]
