"""Does the scale have the structure that it was made with? Confirmatory factor models, and how they are judged.

:func:`confirm_factors` fits the instrument's dimensions, or a model of your own, to the answers or to a printed matrix; the
:class:`FactorModel` shows loadings, fit, correlations of factors, reliability, distinctness and what would fit better. The
kernels work on arrays: :func:`plan_model` and :func:`in_groups` write a model down, :func:`fit_ml` fits it in all groups at once.
"""

from servqual.cfa.confirm import NotConverged, NotIdentified, confirm_factors
from servqual.cfa.discriminant import average_variance, composite_reliability, htmt
from servqual.cfa.fit import Sample, Solution, fit_ml
from servqual.cfa.indices import FitIndices, fit_indices
from servqual.cfa.model import ParameterTable, in_groups, plan_model
from servqual.cfa.results import FactorModel
from servqual.cfa.start import start_values

__all__ = [
    "FactorModel",
    "FitIndices",
    "NotConverged",
    "NotIdentified",
    "ParameterTable",
    "Sample",
    "Solution",
    "average_variance",
    "composite_reliability",
    "confirm_factors",
    "fit_indices",
    "fit_ml",
    "htmt",
    "in_groups",
    "plan_model",
    "start_values",
]
