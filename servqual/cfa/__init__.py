"""Does the scale have the structure that it was made with? Confirmatory factor models, and how they are judged.

:func:`confirm_factors` fits the instrument's dimensions, or a model of your own, to the answers or to a printed matrix; the
:class:`FactorModel` shows loadings, fit, correlations of factors, reliability, distinctness and what would fit better. The
kernels work on arrays: :func:`plan_model` and :func:`in_groups` write a model down, :func:`fit_ml` fits it in all groups at once,
and :func:`fit_incomplete` to every answer there is where some are missing.
"""

from servqual.cfa.confirm import NotConverged, NotIdentified, confirm_factors
from servqual.cfa.discriminant import average_variance, composite_reliability, htmt
from servqual.cfa.fit import Sample, Solution, fit_ml
from servqual.cfa.incomplete import IncompleteSolution, fit_incomplete
from servqual.cfa.indices import FitIndices, fit_indices
from servqual.cfa.model import ParameterTable, in_groups, plan_model
from servqual.cfa.patterns import Patterns, fit_saturated, group_rows
from servqual.cfa.results import FactorModel
from servqual.cfa.start import start_values

__all__ = [
    "FactorModel",
    "FitIndices",
    "IncompleteSolution",
    "NotConverged",
    "NotIdentified",
    "ParameterTable",
    "Patterns",
    "Sample",
    "Solution",
    "average_variance",
    "composite_reliability",
    "confirm_factors",
    "fit_incomplete",
    "fit_indices",
    "fit_ml",
    "fit_saturated",
    "group_rows",
    "htmt",
    "in_groups",
    "plan_model",
    "start_values",
]
