"""How reliable is a sum of ticked boxes? Omega of ordered answers, from polychoric correlations and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.correlations import ItemMatrix, item_matrices, polychoric_gamma
from servqual.polychorics import bivariate_normal_cdf
from servqual.psychometrics.batteries import Battery, Summary
from servqual.psychometrics.coefficients import one_factor, solve_curvature
from servqual.responses import Responses

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class CategoricalOmega:
    """Omega of the sum of ordered answers, and how it moves with what it is made from.

    Attributes
    ----------
    value : share of the observed sum's variance that the common factor explains
    by_threshold : (thresholds,) derivative by each threshold, item after item
    by_pair : (k (k − 1) / 2,) derivative by each polychoric correlation, in the order (1, 2), (1, 3), …
    """

    value: float
    by_threshold: Array
    by_pair: Array

    def variance(self, covariance: Array) -> float:
        """Variance by the delta method, given the covariance of thresholds and correlations."""
        slope = np.r_[self.by_threshold, self.by_pair]
        return float(slope @ covariance @ slope)


def categorical_omega(
    correlation: Array, thresholds: Sequence[Array], categories: Sequence[Array] | None = None
) -> CategoricalOmega | None:
    """Green and Yang's omega of the sum of k ordered answers; None without a proper one-factor solution.

    The latent answers follow one factor with loadings λ (maximum likelihood on the polychoric correlations ρ). An answer is a sum of
    steps, one for each threshold passed, so the sum's variance is a sum over pairs of thresholds of
    ``Φ₂(τ_a, τ_b; ρ_ij) − Φ(τ_a) Φ(τ_b)``. Its common part has ``λ_i λ_j`` in place of ``ρ_ij``, also within an item.

    Parameters
    ----------
    correlation : (k, k) polychoric correlations
    thresholds : for each item where its latent answer is cut, rising
    categories : for each item the answers in use, one more than thresholds; steps of 1 if left out

    References
    ----------
    Green and Yang (2009), Psychometrika 74, 155-167, doi:10.1007/s11336-008-9099-3. Checked against numerical integration over the
    factor (tests/test_psychometrics.py).

    >>> found = categorical_omega(np.full((4, 4), 0.5) + 0.5 * np.eye(4), [np.zeros(1)] * 4)
    >>> round(found.value, 4)
    0.6667
    """
    k = len(correlation)
    fitted = one_factor(np.asarray(correlation, dtype=float))
    if k < 3 or not fitted.proper:
        return None
    owner = np.repeat(np.arange(k), [len(own) for own in thresholds])
    cut = np.concatenate([np.asarray(own, dtype=float) for own in thresholds])
    step = (
        np.ones(len(cut))
        if categories is None
        else np.concatenate([np.diff(np.asarray(own, float)) for own in categories])
    )
    common = np.outer(fitted.loadings, fitted.loadings)
    whole = np.array(correlation, dtype=float)
    np.fill_diagonal(whole, 1.0)
    above, over, by_common = _variance(cut, step, owner, common)
    below, under, by_whole = _variance(cut, step, owner, whole)
    through = solve_curvature(fitted, whole, 2 * by_common @ fitted.loadings)
    value = above / below
    upper = np.triu_indices(k, 1)
    slope = (2 * through - value * 2 * by_whole) / below
    return CategoricalOmega(float(value), (over - value * under) / below, slope[upper])


def _variance(cut: Array, step: Array, owner: Array, rho: Array) -> tuple[float, Array, Array]:
    """Variance of a sum of steps, its derivative by each threshold, and (k, k) by the correlation of each ordered pair of items."""
    from scipy.special import ndtr

    x, y, r = cut[:, None], cut[None, :], rho[owner[:, None], owner[None, :]]
    weight, density = np.outer(step, step), np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
    same = r >= 1
    inner = np.where(same, 0.0, r)
    joint = np.where(same, ndtr(np.minimum(x, y)), bivariate_normal_cdf(x, y, inner))
    root = np.sqrt(1 - inner**2)
    passed = np.where(same, 0.5 + 0.5 * np.sign(y - x), ndtr((y - inner * x) / root))
    by_cut = 2 * density * (weight * (passed - ndtr(y))).sum(axis=1)
    plackett = np.exp(-(x**2 - 2 * inner * x * y + y**2) / (2 * root**2)) / (2 * np.pi * root)
    by_pair = np.zeros(rho.shape)
    np.add.at(by_pair, (owner[:, None], owner[None, :]), np.where(same, 0.0, weight * plackett))
    return float((weight * (joint - np.outer(ndtr(cut), ndtr(cut)))).sum()), by_cut, by_pair


# --- for the sets of a battery ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrderedRow:
    """Categorical omega of one set in one group: nan where it, or its error, does not exist; and why."""

    value: float = float("nan")
    se: float = float("nan")
    df: float = float("nan")
    reason: str = ""


def ordered_rows(battery: Battery, source: Responses | ItemMatrix, lone: Sequence[str]) -> list[OrderedRow]:
    """Categorical omega of every summary; ``lone`` says where respondents are the units for want of clusters."""
    if isinstance(source, ItemMatrix):
        return [_of_matrix(source, battery, each) for each in battery.summaries]
    possible = {
        each.id: all(_varies(own) for own in battery.summaries if own.set.id == each.id) for each in battery.sets
    }
    matrices = {each.id: item_matrices(source, by=battery.by, of=battery.of, missing=_missing(battery), kind="polychoric",
                                       items=[battery.items[k] for k in each.places])
                for each in battery.sets if possible[each.id] and len(each.places) > 2}  # fmt: skip
    return [_of_answers(battery, source, each, matrices.get(each.set.id, {}).get(each.group), alone)
            for each, alone in zip(battery.summaries, lone, strict=True)]  # fmt: skip


def _missing(battery: Battery) -> Any:
    return battery.answers.missing if battery.answers is not None else "listwise"


def _varies(each: Summary) -> bool:
    """True if polychoric correlations can be had: everyone's items vary, and pairs were answered."""
    return each.n > 2 and bool(np.isfinite(each.covariance).all() and (np.diag(each.covariance) > 0).all())


def _of_matrix(matrix: ItemMatrix, battery: Battery, each: Summary) -> OrderedRow:
    if matrix.thresholds is None or each.k < 3:
        return OrderedRow()
    part = matrix.subset([battery.items[k] for k in each.set.places])
    found = categorical_omega(part.correlation, part.thresholds or (), part.categories)
    return OrderedRow(reason="no categorical") if found is None else OrderedRow(found.value)


def _of_answers(battery: Battery, source: Responses, each: Summary, matrix: ItemMatrix | None, lone: str) -> OrderedRow:
    if each.k < 3:
        return OrderedRow()
    if matrix is None:
        return OrderedRow(reason="no polychoric")
    found = categorical_omega(matrix.correlation, matrix.thresholds or (), matrix.categories)
    if found is None:
        return OrderedRow(reason="no categorical")
    if matrix.se is None or np.isnan(matrix.se[np.triu_indices(each.k, 1)]).any():
        return OrderedRow(found.value, reason="at the bound")
    stages = battery.answers.side.design.stages if battery.answers is not None else ()
    clustered = bool(stages) and not lone
    gamma = polychoric_gamma(source, matrix, by=battery.by, label=each.group, clustered=clustered)
    df = float(gamma.clusters - 1) if gamma.clusters is not None else float(each.n - 1)
    return OrderedRow(found.value, float(np.sqrt(found.variance(gamma.values / gamma.n))), df)
