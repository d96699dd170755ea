"""Where does quality get lost, and why? The five gaps from everybody who knows something of them, and what the sources agree on.

What was laid down, inspected or promised, on the customers' scale: :func:`read_item_levels`, :func:`inspected_items`. The five gaps
and the customer gap as a sum of steps: :func:`diagnose`. Staff against customers: :func:`compare_staff`. Survey, inspection, focus
groups and complaints side by side: :func:`triangulate`.
"""

# ruff: noqa: F401  (imported for type checkers; users fetch by name)
from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from servqual.diagnosis.five import Diagnosis, FindingTable, NotMeasured, RankView, diagnose
    from servqual.diagnosis.levels import ItemLevels, inspected_items, read_item_levels
    from servqual.diagnosis.staff import StaffComparison, StaffTable, compare_staff
    from servqual.diagnosis.triangulation import Triangulation, triangulate
    from servqual.diagnosis.waterfall import Waterfall

_CHAPTERS = {
    "servqual.diagnosis.levels": "ItemLevels read_item_levels inspected_items",
    "servqual.diagnosis.five": "diagnose Diagnosis FindingTable NotMeasured RankView",
    "servqual.diagnosis.waterfall": "Waterfall",
    "servqual.diagnosis.staff": "compare_staff StaffComparison StaffTable",
    "servqual.diagnosis.triangulation": "triangulate Triangulation",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
