"""What did customers tell us? Statements of focus groups: coded by people, counted with their base, never judged by a list of words.

By what: a :class:`CodeFrame` (:func:`load_code_frame`; the discussion guide's codes are shipped). What was said:
:func:`read_statements`, or :func:`read_qdpx` from QualCoder, ATLAS.ti, NVivo and MAXQDA, and :func:`write_qdpx` back. What it
says: :func:`themes`, :func:`co_occurrence`, :func:`touchpoint_grid`, :func:`demand_and_actual`. Whether it was enough:
:func:`saturation`. Whether coders code alike: :func:`coder_agreement`. In their own words: :func:`verbatim_digest`,
:func:`keyword_in_context`, :func:`word_counts`. And on to the questionnaire: :func:`candidate_items`.
"""

# ruff: noqa: F401  (imported for type checkers; users fetch by name)
from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from servqual.focus.code_frame import Code, CodeFrame, available_code_frames, code_frame_of, load_code_frame
    from servqual.focus.coders import CoderAgreement, coder_agreement
    from servqual.focus.demand import DemandAndActual, demand_and_actual
    from servqual.focus.items import CandidateItems, candidate_items
    from servqual.focus.mentions import CoOccurrence, Themes, TouchpointGrid, co_occurrence, themes, touchpoint_grid
    from servqual.focus.qdpx import read_qdpx, write_qdpx
    from servqual.focus.statements import Statements, read_statements
    from servqual.focus.unheard import Saturation, saturation
    from servqual.focus.verbatim import Concordance, Digest, keyword_in_context, verbatim_digest, word_counts

_CHAPTERS = {
    "servqual.focus.code_frame": "CodeFrame Code load_code_frame available_code_frames code_frame_of",
    "servqual.focus.statements": "Statements read_statements",
    "servqual.focus.qdpx": "read_qdpx write_qdpx",
    "servqual.focus.mentions": "themes Themes co_occurrence CoOccurrence touchpoint_grid TouchpointGrid",
    "servqual.focus.unheard": "saturation Saturation",
    "servqual.focus.coders": "coder_agreement CoderAgreement",
    "servqual.focus.demand": "demand_and_actual DemandAndActual",
    "servqual.focus.verbatim": "verbatim_digest Digest keyword_in_context Concordance word_counts",
    "servqual.focus.items": "candidate_items CandidateItems",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
