"""How customers are heard: who is covered by which means, who is not, and where what they say gets lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from servqual.report.document import Heading, Paragraph, Table
from servqual.report.parts import Parts
from survey_design.results import say

_MATRIX = "servqual.listening.load_listening_matrix"
_COVERAGE = "servqual.listening.listening_coverage"
_SMALLEST = "servqual.listening.smallest_set"
_YEARS = "servqual.listening.coverage_by_year"
_LINKS = "servqual.listening.audit_weak_links"


def heard(parts: Parts) -> Iterator[Any]:
    """The matrix of means and segments, what it leaves uncovered, how few means would do, and the weak links."""
    found = parts.voices
    if found is None:
        return
    if found.matrix is not None:
        yield from _matrix(parts)
    if found.weak_links is not None:
        yield Heading(parts.say("weak links"))
        if len(found.weak_links.raters) < 2:
            yield parts.say("one rater")
            return
        table = found.weak_links
        yield table.sentence()
        yield parts.picture_of(table, "weak links picture", _LINKS)
        yield Table(table, _LINKS, "weak links", on_page=False)


def _matrix(parts: Parts) -> Iterator[Any]:
    found = parts.voices
    if found is None or found.matrix is None or found.coverage is None or found.fewest is None:
        return
    if found.matrix.illustrative:
        yield Paragraph(parts.say("illustrative"), "caution")
    yield parts.picture_of(found.matrix, "listening picture", _MATRIX)
    yield parts.say("uncovered")
    yield [parts.ended(say(each, parts.language)) for each in found.coverage.residual()]
    yield Table(found.coverage, _COVERAGE, "who is heard")
    yield found.fewest.sentence()
    yield Table(found.fewest, _SMALLEST, "smallest sets of means", on_page=False)
    if found.by_year is not None:
        yield Table(found.by_year, _YEARS, "coverage by year", on_page=False)
    yield Table(found.matrix, _MATRIX, "listening matrix", on_page=False)


def listening_methods(parts: Parts) -> set[str]:
    """The methods that this section rests on."""
    found = parts.voices
    if found is None:
        return set()
    return ({"listening"} if found.matrix is not None else set()) | (
        {"weak links"} if found.weak_links is not None else set()
    )
