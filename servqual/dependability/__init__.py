"""May a store be judged by its visits? Variance of stores, inspectors and occasions, and how many visits it takes.

``components`` estimates variances from sums of groups, ``severity`` predicts inspectors and stores, both on arrays; ``facets`` says
who is crossed with whom; ``generalise`` holds the verb :func:`dependability` and its tables.
"""

from __future__ import annotations

from servqual.dependability.facets import FacetLayout, RandomTerm
from servqual.dependability.generalise import AdjustedStores, Dependability, Severity, dependability
from servqual.dependability.planned import Planned, Reliability

__all__ = [
    "AdjustedStores",
    "Dependability",
    "FacetLayout",
    "Planned",
    "Reliability",
    "Severity",
    "RandomTerm",
    "dependability",
]
