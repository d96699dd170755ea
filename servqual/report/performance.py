"""Perceptions alone (SERVPERF): of everybody, item by item, and group by group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from servqual.report.document import Heading, Table
from servqual.report.findings import performance_sentence
from servqual.report.parts import ROWS, Parts

_PERFORMANCE = "servqual.gaps.score_performance"


def performance_findings(parts: Parts) -> list[str]:
    """The total and every dimension that is shown, the lowest first."""
    if not parts.performance:
        return []
    scores = parts.performance[0]
    total, dimensions = (table.frame[table.frame["reason"] != "suppressed"] for table in (scores.total, scores))
    found = [performance_sentence(scores.total, "mean")] if (total["total"] == "mean").any() else []
    lowest = dimensions.sort_values("perception", kind="stable")["dimension"]
    return [*found, *(performance_sentence(scores, name) for name in lowest)]


def performance(parts: Parts) -> Iterator[Any]:
    """The scores of everybody: dimensions, total, items."""
    if not parts.performance:
        return
    scores = parts.performance[0]
    if (scores.frame["reason"] == "suppressed").all():
        yield parts.say("perceptions too few", minimum=parts.small.minimum)
        return
    yield parts.say("perceptions how", percent=parts.percent)
    yield from parts.warned(("", scores))
    yield Table(scores, _PERFORMANCE, "performance")
    yield parts.say("perception total how")
    yield Table(scores.total, _PERFORMANCE, "performance total")
    few = int((scores.items.frame["reason"] == "suppressed").sum())
    if few:
        yield parts.say("items left out", n=few, minimum=parts.small.minimum)
    yield Table(scores.items, _PERFORMANCE, "performance items")


def performance_groups(parts: Parts) -> Iterator[Any]:
    """One part per split."""
    if not parts.performance:
        return
    if len(parts.performance) == 1:
        yield parts.say("no groups")
        return
    yield parts.say("perceptions not compared")
    for scores in parts.performance[1:]:
        by = " ".join(scores.by)
        yield Heading(parts.say("by", by=parts.heading(scores.by)))
        left_out = parts.left_out(scores.by, len(scores.frame[list(scores.by)].drop_duplicates()))
        if left_out:
            yield left_out
        yield from parts.warned(("", scores))
        yield Table(scores, _PERFORMANCE, f"performance by {by}", rows=ROWS)
        yield Table(scores.total, _PERFORMANCE, f"performance total by {by}", rows=ROWS)
