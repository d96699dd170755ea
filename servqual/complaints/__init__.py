"""What do customers complain of, where, and what became of it? A register of complaints, read once and counted with its base.

:func:`read_complaints` masks personal data and keeps a ledger. What about: :func:`complaint_shares`, and per 1,000 customers
:func:`complaint_rates`. From many orders to few solutions: :func:`complaint_clusters`. How soon: :func:`stage_limits`, where open
complaints count for as long as they were seen. Whether promises were kept: :func:`promises_kept`. In customers' own words:
:meth:`Complaints.statements`, which all of :mod:`servqual.focus` reads.
"""

# ruff: noqa: F401  (imported for type checkers; users fetch by name)
from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from servqual.complaints.clusters import ComplaintClusters, complaint_clusters
    from servqual.complaints.promises import PromisesKept, promises_kept
    from servqual.complaints.register import Complaints, read_complaints
    from servqual.complaints.shares import ComplaintRates, ComplaintShares, complaint_rates, complaint_shares
    from servqual.complaints.stages import StageLimits, stage_limits

_CHAPTERS = {
    "servqual.complaints.register": "Complaints read_complaints",
    "servqual.complaints.shares": "complaint_shares ComplaintShares complaint_rates ComplaintRates",
    "servqual.complaints.clusters": "complaint_clusters ComplaintClusters",
    "servqual.complaints.stages": "stage_limits StageLimits",
    "servqual.complaints.promises": "promises_kept PromisesKept",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
