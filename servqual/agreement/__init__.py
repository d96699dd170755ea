"""Do two people who look at the same thing say the same? Kappa, alpha, AC1, ICC, W, and which of them to report.

``ratings`` reads a long or a wide table into a matrix of units by raters; ``coefficients`` are the numbers, functions on
arrays; ``agreed`` holds the verb :func:`agreement`, its table, and the words on which coefficient fits the design.
"""

from __future__ import annotations

from servqual.agreement.agreed import Agreement, agreement
from servqual.agreement.ratings import Ratings, read_ratings

__all__ = ["Agreement", "Ratings", "agreement", "read_ratings"]
