"""Whom do we hear, by which means, and whom not? The listening system: means × customers, and its weak links.

By what: :func:`load_listening_matrix`, means by segment with three levels. What it covers: :func:`listening_coverage`, with what
is left uncovered and which means could go; :func:`smallest_set`; :func:`coverage_by_year`. Whether what is heard is put right:
:func:`audit_weak_links`.
"""

# ruff: noqa: F401  (imported for type checkers; users fetch by name)
from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from servqual.listening.coverage import (
        CoverageByYear,
        ListeningCoverage,
        coverage_by_year,
        listening_coverage,
    )
    from servqual.listening.matrix import (
        ListeningMatrix,
        Means,
        Segment,
        available_listening_matrices,
        load_listening_matrix,
        matrix_of,
    )
    from servqual.listening.smallest import SmallestSets, smallest_set
    from servqual.listening.weak_links import WeakLink, WeakLinks, audit_weak_links, load_weak_links

_CHAPTERS = {
    "servqual.listening.matrix": "ListeningMatrix Means Segment available_listening_matrices load_listening_matrix "
    "matrix_of",
    "servqual.listening.coverage": "listening_coverage ListeningCoverage coverage_by_year CoverageByYear",
    "servqual.listening.smallest": "smallest_set SmallestSets",
    "servqual.listening.weak_links": "audit_weak_links WeakLinks WeakLink load_weak_links",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
