"""Is the ruler sound? Whether the items of a dimension belong together, and which of them to keep.

* :func:`internal_consistency`: alpha, omega and their kin, with intervals, per dimension and for all items;
* :func:`item_analysis`: each item's place in its dimension, and a proposal to keep it, look at it or drop it.

Both read responses, or a matrix and its n alone. The formulas are functions on arrays in ``coefficients`` and ``hierarchy``.
"""

from servqual.psychometrics.batteries import NormalTheory
from servqual.psychometrics.consistency import Consistency, internal_consistency
from servqual.psychometrics.items import ItemAnalysis, Screening, item_analysis

__all__ = ["internal_consistency", "Consistency", "item_analysis", "ItemAnalysis", "Screening", "NormalTheory"]
