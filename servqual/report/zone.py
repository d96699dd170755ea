"""The zone of tolerance: where service stands between the least accepted and the wished-for level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from servqual.report.document import Heading, Table
from servqual.report.parts import ROWS, Parts, with_frame
from servqual.report.small_cells import base_of

if TYPE_CHECKING:
    from servqual.tolerance import ToleranceScores, ToleranceTable

_ZONE = "servqual.tolerance.score_tolerance"


def zone_findings(parts: Parts) -> list[str]:
    """The total and every dimension in words, the least adequate first."""
    if not parts.zones:
        return []
    scores = parts.zones[0]
    dimensions, total = (_shown(parts, table) for table in (scores.dimensions, scores.total))
    found = [total.sentence("mean")] if (total.frame["total"] == "mean").any() else []
    frame = dimensions.frame.sort_values("adequacy", kind="stable")
    return [*found, *(dimensions.sentence(name) for name in frame["dimension"])]


def zone(parts: Parts) -> Iterator[Any]:
    """The zone of everybody, what inversions do to it, and the zones of groups where the study has no gaps."""
    if not parts.zones:
        return
    overall = parts.zones[0]
    yield parts.say("zone how", percent=parts.percent)
    table = _shown(parts, overall.dimensions)
    if table.frame.empty:
        yield parts.say("zone too few", minimum=parts.small.minimum)
        return
    yield zone_findings(parts)
    yield from parts.warned(("", overall.dimensions))
    yield from _tables(parts, overall)
    yield from _inversions(parts, overall)
    for scores in parts.zones[1:]:
        yield Heading(parts.say("by", by=parts.heading(scores.by)))
        left_out = parts.left_out(scores.by, len(scores.dimensions.frame[list(scores.by)].drop_duplicates()))
        if left_out:
            yield left_out
        yield from parts.warned(("", scores.dimensions))
        yield from _tables(parts, scores)


def _tables(parts: Parts, scores: ToleranceScores) -> Iterator[Any]:
    suffix = f" by {' '.join(scores.by)}" if scores.by else ""
    table = _shown(parts, scores.dimensions)
    if table.frame.empty:
        return
    if len(table.frame) <= ROWS:
        row = table.frame.sort_values("adequacy", kind="stable").iloc[0]
        said = table.sentence(row["dimension"], **{name: row[name] for name in table.by})
        yield parts.picture(table, parts.say("zone picture", title=table.title(), said=said), _ZONE)
    yield Table(table, _ZONE, f"zone{suffix}", rows=ROWS)
    yield Table(_shown(parts, scores.total), _ZONE, f"zone total{suffix}", rows=ROWS)
    yield Table(table.shares(), _ZONE, f"zone shares{suffix}", rows=ROWS)


def _inversions(parts: Parts, scores: ToleranceScores) -> Iterator[Any]:
    """Scores with and without answers whose minimum lies above the desired level."""
    found = scores.inversions
    items, people = len(found.cases), int(found.respondents.query("n_items > 0")["n_respondents"].sum())
    if not items:
        yield parts.say("no inversions")
        return
    yield parts.say("inversions", items=items, people=people)
    frame = found.frame
    few = parts.small.is_few(frame, ["n", "n_without"])
    shown = frame[~few & (frame["kind"] != "item")]
    if len(shown):
        yield Table(with_frame(found, shown), _ZONE, "zone inversions", rows=ROWS)


def _shown(parts: Parts, table: ToleranceTable) -> ToleranceTable:
    """The rows that rest on enough answers, of groups that are not left out; the note speaks of these."""
    kept = parts.drawn(table, table.by).frame if table.by else table.frame
    kept = kept[~parts.small.is_few(kept, ["n"])]
    scores = next(scores for scores in parts.zones if scores.by == table.by)
    few = any(parts.small.is_few(each.frame, ["n"]).any() for each in (scores.items, scores.dimensions, scores.total))
    if len(kept) == len(table.frame) and not few:
        return table
    base = base_of([kept], parts.responses)
    return replace(with_frame(table, kept), remarks=(base, *table.remarks[1:-1]))
