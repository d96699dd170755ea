"""Weights from the data's own structure: how much an indicator tells units apart, and what it shares with the others.

Every function takes a matrix of units by indicators and returns weights of 0 or more that sum to 1. A column that is the same in all
units tells nothing apart and has weight 0; where all columns are constant the weights are nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from servqual.index_weights.simplex import Array

Recipe = Literal["retained", "first", "oecd"]

_FLAT = 1e-12  # spread, as a share of the largest value, below which a column counts as constant


def varying(x: Array) -> NDArray[np.bool_]:
    """(k,) True for columns that differ between units by more than rounding."""
    return np.asarray(np.ptp(x, axis=0) > _FLAT * np.maximum(np.abs(x).max(axis=0), 1e-300))


def rescaled(x: Array) -> Array:
    """(m, k) every column from 0 (its least) to 1 (its greatest); a constant column is 0 throughout.

    >>> rescaled(np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]]
    """
    differs = varying(x)
    return np.asarray(np.where(differs, (x - x.min(axis=0)) / np.where(differs, np.ptp(x, axis=0), 1.0), 0.0))


def _shared_out(amounts: Array) -> Array:
    """Amounts of 0 or more as shares; nan where there is nothing to share."""
    total = amounts.sum()
    return np.asarray(amounts / total if total > 0 else np.full(len(amounts), np.nan))


def entropies(x: Array) -> Array:
    """(k,) Shannon's entropy of every column's shares, from 0 (one unit has it all) to 1 (all the same).

    ``p = x/sum x``, ``e = −sum p ln p/ln m`` with ``0 ln 0 = 0``. Multiplying a column changes nothing; adding to it does.

    Shannon (1948), Bell System Technical Journal 27, 379-423, doi:10.1002/j.1538-7305.1948.tb01338.x.

    >>> entropies(np.array([[0.9, 0.5, 0.7], [0.8, 0.5, 0.2], [0.7, 0.5, 0.9], [0.6, 0.5, 0.4]])).round(4).tolist()
    [0.9919, 1.0, 0.9074]
    """
    p = x / x.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, p * np.log(p), 0.0)
    return np.asarray(np.where(varying(x), -parts.sum(axis=0) / np.log(len(x)), 1.0))


def entropy_weights(x: Array) -> Array:
    """(k,) weights by redundancy: ``(1 − e)/sum (1 − e)``.

    Hwang and Yoon (1981), Multiple Attribute Decision Making, Springer, doi:10.1007/978-3-642-48318-9.

    >>> entropy_weights(np.array([[0.9, 0.5, 0.7], [0.8, 0.5, 0.2], [0.7, 0.5, 0.9], [0.6, 0.5, 0.4]])).round(
    ...     4
    ... ).tolist()
    [0.0801, 0.0, 0.9199]
    """
    return _shared_out(np.maximum(1 - entropies(x), 0.0))


def spread_weights(x: Array) -> Array:
    """(k,) weights by the standard deviation of each column after it was rescaled to 0 to 1.

    >>> spread_weights(np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]])).round(3).tolist()
    [0.464, 0.536]
    """
    return _shared_out(rescaled(x).std(axis=0, ddof=1))


def critic_parts(x: Array) -> tuple[Array, Array]:
    """(k,) spread of each rescaled column, and its conflict with the others: ``sum (1 − r)`` over those that vary."""
    scaled, differs = rescaled(x), varying(x)
    conflict = np.zeros(x.shape[1])
    if differs.sum() > 1:
        conflict[differs] = (1 - np.corrcoef(scaled[:, differs].T)).sum(axis=1)
    return scaled.std(axis=0, ddof=1), conflict


def critic_weights(x: Array) -> Array:
    """(k,) weights by CRITIC: ``s_j sum_k (1 − r_jk)``, shared out: an indicator that varies, and not as the others do.

    Diakoulaki, Mavrotas and Papayannakis (1995), Computers & Operations Research 22, 763-770, doi:10.1016/0305-0548(94)00059-H.

    >>> x = np.array([[1.0, 2.0, 9.0], [2.0, 4.0, 1.0], [3.0, 6.0, 5.0], [4.0, 8.0, 4.0]])
    >>> critic_weights(x).round(3).tolist()
    [0.255, 0.255, 0.49]
    """
    spread, conflict = critic_parts(x)
    return _shared_out(np.maximum(spread * conflict, 0.0))


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of the correlations of k indicators.

    Attributes
    ----------
    eigenvalues : (k,) falling; they sum to k
    loadings : (k, q) of the components that are retained, signed so that each component's loadings sum to 0 or more; after
        varimax where that was asked for
    weights : (k,)
    """

    eigenvalues: Array
    loadings: Array
    weights: Array


def component_weights(x: Array, recipe: Recipe = "retained") -> Components:
    """Weights from principal components of the correlation matrix, by one of three recipes.

    Parameters
    ----------
    x : (m, k) units by indicators
    recipe : "retained": ``sum over components with λ > 1 of |loading| × λ/sum of retained λ``;
        "first": ``|loading|`` on the first component alone;
        "oecd": retained components turned by varimax; every indicator counts with its largest squared loading

    Notes
    -----
    Loadings are eigenvectors times √λ; weights are shared out to sum to 1. Where no eigenvalue is above 1 the first component is
    retained. The size of a loading counts, not its sign: an indicator that runs against the others gets a weight as if it ran with
    them, so the signs must be looked at. Weights by what indicators share favour those that say the same; they are not importance.

    References
    ----------
    OECD and JRC (2008), Handbook on Constructing Composite Indicators, doi:10.1787/9789264043466-en, step 6. Kaiser (1960),
    Educational and Psychological Measurement 20, 141-151, doi:10.1177/001316446002000116 (λ > 1). Checked against R.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> common = rng.normal(size=(50, 1))
    >>> found = component_weights(common + rng.normal(size=(50, 3)) * [0.3, 0.3, 2.0])
    >>> found.weights.round(2).tolist()
    [0.41, 0.41, 0.18]
    """
    differs, k = varying(x), x.shape[1]
    values, loadings = np.zeros(k), np.zeros((k, 1))
    if not differs.any():
        return Components(values, loadings, np.full(k, np.nan))
    found, vectors = np.linalg.eigh(np.atleast_2d(np.corrcoef(x[:, differs].T)))
    found, vectors = np.maximum(found[::-1], 0.0), vectors[:, ::-1]
    q = 1 if recipe == "first" else max(int((found > 1 + 1e-9).sum()), 1)
    turned = vectors[:, :q] * np.sqrt(found[:q])
    if recipe == "oecd" and q > 1:
        turned = _varimax(turned)
    turned = turned * np.where(turned.sum(axis=0) < 0, -1.0, 1.0)
    amounts = (turned**2).max(axis=1) if recipe == "oecd" else np.abs(turned) @ (found[:q] / found[:q].sum())
    values[: len(found)] = found
    loadings, weights = np.zeros((k, q)), np.zeros(k)
    loadings[differs], weights[differs] = turned, _shared_out(amounts)
    return Components(values, loadings, weights)


def _varimax(loadings: Array) -> Any:
    from servqual.factors.rotation import rotate

    return rotate(loadings, "varimax").loadings
