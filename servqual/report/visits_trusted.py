"""How far visits can be trusted: what makes scores differ, how many visits it takes, who is severe, whether two see the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from servqual.report.document import Heading, Paragraph, Table
from servqual.report.listings import noted
from servqual.report.parts import Parts

_DEPENDABLE = "servqual.dependability.dependability"
_AGREEMENT = "servqual.agreement.agreement"
_AUDIT = "survey_design.visits.audit_visits"


def visits_trusted(parts: Parts) -> Iterator[Any]:
    """Dependability and what it would take, inspectors under numbers, agreement of double visits, the roster kept or not."""
    found = parts.inspection
    if found is None:
        return
    yield from _dependability(parts)
    yield Heading(parts.say("double visits"))
    if found.agreement is None:
        yield parts.say("no doubles")
    else:
        said = found.agreement.sentence()
        yield parts.text(parts.say("doubles how"), f"{said[0].upper()}{said[1:]}")
        yield Table(found.agreement, _AGREEMENT, "agreement of double visits")
    if found.roster is not None:
        yield Heading(parts.say("roster"))
        n = len(found.roster.frame)
        yield parts.say("roster broken", n=n) if n else parts.say("roster kept")
        yield Table(found.roster.counts(), _AUDIT, "roster")


def _dependability(parts: Parts) -> Iterator[Any]:
    found = parts.inspection
    if found is None or found.dependability is None:
        yield parts.say("no inspectors")
        return
    table = found.dependability
    yield parts.text(parts.say("dependability how"), table.sentence())
    yield Table(table, _DEPENDABLE, "variance of visits")
    planned = table.plan()
    yield Heading(parts.say("how many visits"))
    yield parts.picture(planned, parts.say("visits picture", title=planned.title(), said=table.sentence()), _DEPENDABLE)
    yield Table(planned, _DEPENDABLE, "how many visits")
    severity = found.severity
    if severity is None:
        return
    yield Heading(parts.say("severity"))
    apart = severity.frame[(severity.frame["low"] > 0) | (severity.frame["high"] < 0)]
    yield parts.say("severity how", n=len(severity.frame), apart=len(apart))
    yield Paragraph(parts.say("severity names"), "note")
    yield parts.picture(
        severity, parts.say("severity picture", title=severity.title(), percent=parts.percent), _DEPENDABLE
    )
    yield Table(noted(severity, severity.note()), _DEPENDABLE, "severity", on_page=False)
