"""How sure are fixed effects, such as the difference of two agencies, when stores and inspectors are drawn?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.dependability.components import Grouping
from servqual.inference import t_interval, t_pvalue
from servqual.regression import Regression
from survey_design.results import Text, say

Array = NDArray[Any]
_HOW: Text = {
    "en": "errors from the variance components of the study, degrees of freedom after Satterthwaite",
    "zh": "标准误由本研究的方差分量得出，自由度按 Satterthwaite 法",
}


@dataclass(frozen=True, eq=False, repr=False)
class FixedEffects(Regression):
    """Differences between kinds of visits, agencies or scenarios, with errors that know stores and inspectors."""

    def _how(self) -> str:
        return say(_HOW, self.language)


def with_components(
    effects: Regression, frame: pd.DataFrame, groupings: Sequence[Grouping], variances: Array, drawn: Array
) -> FixedEffects:
    """Fixed effects with errors that know every facet, not clusters of one alone.

    Parameters
    ----------
    effects : least-squares coefficients
    frame : the rows they were fitted to
    groupings, variances : random effects and their variances, the residual last
    drawn : (replicates, t + 1) variances of simulated studies

    Notes
    -----
    ``Cov(b) = A (Σ_j σ_j² Z_j Z_j' + σ² I) A'`` with ``A = (X'X)⁻¹X'``; degrees of freedom ``2 V²/Var(V)`` from the simulated
    variances. Clusters of stores alone would take inspectors as given: where an agency has its own, the difference of
    agencies would be that of the few people who worked for them.

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2, 110-114, doi:10.2307/3002019. Checked against R's ``lme4``
    (tests/test_dependability.py).
    """
    x = _columns(effects, frame)
    root = np.linalg.pinv(x.T @ x)
    parts = [(root @ g.sums(x).T) @ (root @ g.sums(x).T).T for g in groupings]
    pieces = np.array([*parts, root])
    covariance = np.tensordot(variances, pieces, 1)
    each = np.diagonal(pieces, axis1=1, axis2=2)
    variance = np.diagonal(covariance)
    varying = (drawn @ each).var(axis=0, ddof=1)
    df = np.minimum(np.divide(2 * variance**2, varying, out=np.full(len(variance), np.inf), where=varying > 0),
                    len(x) - x.shape[1])  # fmt: skip
    value, se = effects.frame["coefficient"].to_numpy(), np.sqrt(variance)
    low, high = t_interval(value, se, df, effects.level)
    table = effects.frame.assign(se=se, low=low, high=high, df=df, p=t_pvalue(value, se, df))
    known = {each.name: getattr(effects, each.name) for each in fields(effects)}
    return FixedEffects(**{**known, "frame": table, "covariance": covariance})


def _columns(effects: Regression, frame: pd.DataFrame) -> Array:
    """(n, p) the constant and one column per term, coded as the regression coded them."""
    columns: list[Array] = [np.ones(len(frame))]
    for predictor, terms in effects.terms.items():
        cells = frame[predictor]
        for term in terms:
            own = cells.astype(str) == term.removeprefix(f"{predictor}=") if predictor in effects.bases else cells
            columns.append(own.to_numpy(float))
    return np.column_stack(columns)
