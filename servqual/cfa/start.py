"""Where does fitting start? Each factor from its own items, then the factors' covariances, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import Sample
from servqual.cfa.model import GENERAL, METHOD, ParameterTable
from servqual.moments import one_blas_thread

Array = NDArray[Any]

_LEAST_SHARE, _MOST_SHARE = 0.05, 0.95  # of an item's variance that a start value may call unique


def start_values(table: ParameterTable, samples: Sequence[Sample]) -> Array:
    """(q,) start values: the mean over the lines that share a parameter."""
    sums, counts = np.zeros(table.n_free), np.zeros(table.n_free)
    with one_blas_thread():
        found = [_in_group(table, sample, group) for group, sample in enumerate(samples)]
    for group, values in enumerate(found):
        lines = np.flatnonzero((table.group == group) & (table.free >= 0))
        np.add.at(sums, table.free[lines], values[lines])
        np.add.at(counts, table.free[lines], 1.0)
    return np.asarray(sums / counts)


def _in_group(table: ParameterTable, sample: Sample, group: int) -> Array:
    """(m,) a start value for every line of one group."""
    spread = np.sqrt(sample.covariance.diagonal())
    r = sample.covariance / np.outer(spread, spread)
    pattern = _pattern(table, group)
    roles = np.array(table.roles)
    own = pattern * (roles == "")
    loadings, unique = one_factor_each(r, own)
    factors = factor_covariance(r, loadings, unique)
    scale = _scales(table, loadings * spread[:, None], group)
    loadings = loadings * spread[:, None] / scale
    factors = factors * np.outer(scale, scale)
    return _spread_out(table, group, loadings, factors, unique * spread**2, spread, sample.mean)


def _pattern(table: ParameterTable, group: int) -> Array:
    """(p, k) which items load on which factors."""
    pattern = np.zeros((len(table.items), len(table.factors)))
    lines = table.of_kind("loading", group)
    pattern[table.row[lines], table.column[lines]] = 1.0
    return pattern


def one_factor_each(r: Array, pattern: Array) -> tuple[Array, Array]:
    """(p, k) loadings and (p,) uniquenesses from the items of each factor alone: the principal axis of their correlations."""
    loadings = np.zeros(pattern.shape)
    for j in range(pattern.shape[1]):
        items = np.flatnonzero(pattern[:, j])
        if len(items) == 1:
            loadings[items, j] = np.sqrt(1 - _LEAST_SHARE)
        elif len(items):
            loadings[items, j] = _principal_axis(r[np.ix_(items, items)])
    explained = np.clip((loadings**2).sum(axis=1), _LEAST_SHARE, _MOST_SHARE)
    return loadings, 1 - explained


def _principal_axis(r: Array) -> Array:
    """Loadings on one factor after a few rounds of communalities, the first of which is the largest correlation."""
    communality = np.abs(r - np.eye(len(r))).max(axis=1)
    axis = np.zeros(len(r))
    for _ in range(4):
        values, vectors = np.linalg.eigh(r - np.diag(1 - communality))
        axis = vectors[:, -1] * np.sqrt(max(values[-1], _LEAST_SHARE))
        communality = np.clip(axis**2, _LEAST_SHARE, _MOST_SHARE)
    return axis * (1.0 if axis.sum() >= 0 else -1.0)


def factor_covariance(r: Array, loadings: Array, unique: Array) -> Array:
    """(k, k) correlations of the factors that fit best at given loadings, kept inside .9 so that they can be a start."""
    weighted = loadings / unique[:, None]
    gram = weighted.T @ loadings
    used = gram.diagonal() > 0
    factors = np.eye(len(gram))
    inner = np.linalg.pinv(gram[np.ix_(used, used)])
    found = inner @ (weighted.T @ (r - np.diag(unique)) @ weighted)[np.ix_(used, used)] @ inner
    size = np.sqrt(np.maximum(found.diagonal(), _LEAST_SHARE))
    found = np.clip(found / np.outer(size, size), -0.9, 0.9)
    np.fill_diagonal(found, 1.0)
    least = np.linalg.eigvalsh(found)[0]
    if least < _LEAST_SHARE:  # pulled towards no correlation until it is positive definite
        found = found + (_LEAST_SHARE - least) / (1 - least) * (np.eye(len(found)) - found)
    factors[np.ix_(used, used)] = found
    return factors


def _scales(table: ParameterTable, loadings: Array, group: int) -> Array:
    """(k,) standard deviation of each factor: its fixed loading's size, or 1."""
    scale = np.ones(len(table.factors))
    lines = np.flatnonzero(table.of_kind("loading", group) & (table.free < 0) & (table.value != 0))
    size = loadings[table.row[lines], table.column[lines]] / table.value[lines]
    scale[table.column[lines]] = np.where(np.abs(size) > 0.1, size, 1.0)
    return scale


def _spread_out(
    table: ParameterTable, group: int, loadings: Array, factors: Array, unique: Array, spread: Array, mean: Array | None
) -> Array:
    """(m,) the start value of each line of a group."""
    start = np.zeros(len(table.kind))
    roles = np.array(table.roles)
    loads, regressed = np.flatnonzero(table.of_kind("loading", group)), table.of_kind("regression", group)
    start[loads] = loadings[table.row[loads], table.column[loads]]
    weak = loads[roles[table.column[loads]] == METHOD]
    start[weak] = 0.3 * spread[table.row[weak]]
    within = table.of_kind("factor", group)
    start[within] = factors[table.row[within], table.column[within]]
    if GENERAL in table.roles:
        _general(table, start, regressed, within, factors)
    diagonal = table.of_kind("residual", group) & (table.row == table.column)
    start[diagonal] = unique[table.row[diagonal]]
    if mean is not None:
        at = table.of_kind("intercept", group)
        start[at] = mean[table.row[at]]
    return start


def _general(table: ParameterTable, start: Array, regressed: Array, within: Array, factors: Array) -> None:
    """Half of each factor's variance is the general factor's."""
    size = np.sqrt(factors.diagonal())
    fixed = regressed & (table.free < 0)
    top = float(np.sqrt(0.5) * size[table.row[fixed][0]]) if fixed.any() else 1.0
    start[regressed] = np.sqrt(0.5) * size[table.row[regressed]] / top
    diagonal = within & (table.row == table.column)
    explained = diagonal & np.isin(table.row, table.row[regressed])
    start[explained] = 0.5 * factors.diagonal()[table.row[explained]]
    start[diagonal & (table.row == table.roles.index(GENERAL))] = top**2
