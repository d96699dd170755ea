"""Is the ruler the same? One demand after the other is asked of all groups, or of both forms, and what holds is said.

Configural: the same items measure the same factors. Metric: with the same loadings. Scalar: and the same intercepts, so that
means differ only where factors do. Strict: and the same residual variances. Where answers are ordered categories, the same
thresholds come before loadings. :func:`invariance` compares groups of respondents, :func:`form_invariance` expectations with
perceptions, which every gap presupposes.
"""

from servqual.invariance.groups import invariance
from servqual.invariance.ladder import equality_tests
from servqual.invariance.ordered import OrderedSample, OrderedSolution, fit_ordered, nested_test, plan_ordered
from servqual.invariance.paired import form_invariance
from servqual.invariance.results import Invariance, LatentMeans

__all__ = [
    "Invariance",
    "LatentMeans",
    "OrderedSample",
    "OrderedSolution",
    "equality_tests",
    "fit_ordered",
    "form_invariance",
    "invariance",
    "nested_test",
    "plan_ordered",
]
