"""How many? Sample sizes as ledgers that a referee can follow, and the precision or power that a given n buys."""

from survey_design.size.association import (
    size_for_alpha,
    size_for_correlation,
    size_for_crosstab,
    size_for_groups,
    size_for_regression,
)
from survey_design.size.contrasts import gap_sd
from survey_design.size.ledger import Goal, SampleSize, design_effect, write_ledger
from survey_design.size.power import Detectable, detectable, size_for_comparison, size_for_gap
from survey_design.size.precision import (
    Precision,
    krejcie_morgan,
    precision_of,
    size_for_mean,
    size_for_proportion,
    yamane,
)
from survey_design.size.stages import (
    StoresAndCustomers,
    size_for_regions_and_customers,
    size_for_stores_and_customers,
)

__all__ = [
    "size_for_mean",
    "size_for_proportion",
    "size_for_gap",
    "size_for_comparison",
    "size_for_alpha",
    "size_for_correlation",
    "size_for_regression",
    "size_for_groups",
    "size_for_crosstab",
    "size_for_stores_and_customers",
    "size_for_regions_and_customers",
    "yamane",
    "krejcie_morgan",
    "precision_of",
    "detectable",
    "SampleSize",
    "Precision",
    "Detectable",
    "StoresAndCustomers",
    "Goal",
    "write_ledger",
    "design_effect",
    "gap_sd",
]
