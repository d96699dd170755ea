"""Competitors: the same checklist in stores of the same tier, where each company may stand, and what companies did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from servqual.report.document import Heading, Table
from servqual.report.listings import noted
from servqual.report.parts import Parts, with_frame

_COMPARE = "servqual.benchmark.compare_competitors"
_RANKS = "servqual.benchmark.rank_companies"
_MOVES = "servqual.moves.before_and_after"


def rivals(parts: Parts) -> Iterator[Any]:
    """Totals in words, categories in a picture, indicators in a table, moves beside the scores before and after them."""
    found = parts.inspection
    if found is None or found.comparison is None:
        return
    table = found.comparison
    companies = list(dict.fromkeys(table.frame["company"]))
    yield parts.say("rivals how")
    clear = table.frame[parts.is_clear(table.frame) & (table.frame["part"] == "indicator")]
    told = [table.sentence(row["company"], row["id"], "indicator") for _, row in clear.iterrows()]
    yield [*(table.sentence(name) for name in companies), *(told or [parts.say("rivals alike")])]
    shown = with_frame(table, table.frame[table.frame["part"].isin(["total", "category"])])
    yield parts.picture(
        shown,
        parts.text(
            parts.say("rivals picture", title=table.title(), percent=parts.percent), table.sentence(companies[0])
        ),
        _COMPARE,
    )
    yield Table(shown, _COMPARE, "competitors")
    yield Table(noted(table, parts.say("note above")), _COMPARE, "competitors by indicator", on_page=False)
    standing = table.ranks(part="total")
    yield standing.sentence()
    yield Table(standing, _RANKS, "ranks of companies")
    if found.moved is None:
        return
    moves = found.moved
    yield Heading(parts.say("moves"))
    yield parts.say("moves how")
    yield [moves.sentence(row) for row in range(len(moves.frame))]
    yield Table(moves, _MOVES, "moves")
