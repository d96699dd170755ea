"""Mystery shopping as measurement: what inspectors look for, what they found, and how sure one can be.

What is looked for: a :class:`Checklist` from an open, versioned file (:func:`load_checklist`); its form for tablet and
paper (``checklist.questionnaire()``, :func:`write_shopper_forms`) and back (:func:`read_shopper_forms`). What counts more
where: :func:`weigh_checklist` with a table of :class:`WeightRules`, by each store's phase (:func:`phase_of`), traffic and
tier. What came back: :func:`read_visits`. What it says: :func:`score_visits`.

Whether two checklists may be compared at all: :func:`same_instrument`. A checklist in Excel to begin with:
:func:`write_checklist_workbook`.
"""

# ruff: noqa: F401  (imported for type checkers; users fetch by name)
from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from servqual.mystery.checklist import (
        Category,
        Checklist,
        ChecklistItem,
        Indicator,
        Level,
        available_checklists,
        load_checklist,
        same_instrument,
    )
    from servqual.mystery.field import read_shopper_forms, write_shopper_forms
    from servqual.mystery.issues import issue_times
    from servqual.mystery.phases import phase_of, traffic_bands
    from servqual.mystery.scores import VisitScores, score_visits
    from servqual.mystery.visits import Visits, read_visits
    from servqual.mystery.weight_rules import (
        StoreWeights,
        WeightRule,
        WeightRules,
        available_weight_rules,
        load_weight_rules,
        weigh_checklist,
    )
    from servqual.mystery.workbook import write_checklist_workbook

_CHAPTERS = {
    "servqual.mystery.checklist": "Checklist Category Indicator ChecklistItem Level load_checklist available_checklists "
    "same_instrument",
    "servqual.mystery.workbook": "write_checklist_workbook",
    "servqual.mystery.field": "write_shopper_forms read_shopper_forms",
    "servqual.mystery.phases": "phase_of traffic_bands",
    "servqual.mystery.weight_rules": "WeightRules WeightRule load_weight_rules available_weight_rules weigh_checklist "
    "StoreWeights",
    "servqual.mystery.visits": "Visits read_visits",
    "servqual.mystery.scores": "VisitScores score_visits",
    "servqual.mystery.issues": "issue_times",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
