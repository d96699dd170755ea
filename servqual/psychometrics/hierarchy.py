"""Is there something that all items measure, beside their dimensions? A general factor and group factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.psychometrics.coefficients import correlation_of, is_definite

Array = NDArray[Any]
_STARTS = 4  # of the rotation: items in equal blocks hold a single start on a saddle


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A general factor, group factors beside it, and what they leave.

    Attributes
    ----------
    general : (k,) loadings of the standardised items on the general factor
    groups : (k, m) loadings on the group factors
    uniquenesses : (k,)
    omega_hierarchical : share of the standardised sum's variance that the general factor explains
    omega_total : share that all of these factors explain
    """

    general: Array
    groups: Array
    uniquenesses: Array
    omega_hierarchical: float
    omega_total: float


def hierarchy(covariance: Array, group_factors: int = 3) -> Hierarchy | None:
    """Schmid and Leiman's transformation of oblique minres factors (oblimin); None where there is no such solution.

    With pattern L, factor correlations Φ and the loadings γ of these on one factor of their own, the general loadings are
    ``g = L γ`` and group loadings ``L diag(sqrt(1 − γ²))``; ``omega_hierarchical = (sum g)² / 1'R1``. Needs three group
    factors or more, since two correlated ones do not tell what is general; and three items for each.

    References
    ----------
    Schmid and Leiman (1957), Psychometrika 22, 53-61, doi:10.1007/BF02289209. Zinbarg, Revelle, Yovel and Li (2005),
    Psychometrika 70, 123-133, doi:10.1007/s11336-003-0974-7. Checked against R's ``psych::omega`` 2.2.9
    (tests/test_psychometrics.py).

    >>> simple = np.kron(np.eye(3), np.ones((3, 1))) * 0.8
    >>> shared = simple @ (0.25 + 0.75 * np.eye(3)) @ simple.T
    >>> found = hierarchy(shared + np.diag(1 - np.diag(shared)))
    >>> round(float(found.general[0]), 4), round(found.omega_hierarchical, 4)
    (0.4, 0.4444)
    """
    from servqual.factors.extraction import extract
    from servqual.factors.rotation import rotate

    k = len(covariance)
    if group_factors < 3 or k < 3 * group_factors or not is_definite(covariance):
        return None
    correlation = correlation_of(covariance)
    found = extract(correlation, group_factors)
    turned = rotate(found.loadings, "oblimin", starts=_STARTS)
    above = extract(turned.phi, 1)
    if not (found.converged and turned.converged and above.converged):
        return None
    share = above.loadings[:, 0]
    general = turned.loadings @ share
    general = general if general.sum() >= 0 else -general
    groups = turned.loadings * np.sqrt(np.clip(1 - share**2, 0, None))
    whole = float(correlation.sum())
    return Hierarchy(general, groups, found.uniquenesses, float(general.sum() ** 2 / whole),
                     float(1 - found.uniquenesses.sum() / whole))  # fmt: skip
