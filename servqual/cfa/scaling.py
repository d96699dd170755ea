"""What if a factor's unit is set by an item that hardly measures it? The same model in other units, and back.

Fit and standardised loadings do not depend on how factors get their unit, but the way there does: a marker whose loading is
near 0 in truth sends the factor's variance to 0 and all other loadings beyond bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.fit import Matrices, Solution
from servqual.cfa.model import GENERAL, ParameterTable, ScaleBy
from servqual.cfa.standardised import standardise
from survey_design.results import Text

Array = NDArray[Any]
Plan = Callable[..., ParameterTable]  # scale_by=, markers= of plan_model
Fit = Callable[[ParameterTable, Matrices | None], Solution]  # from start values of its own, or from these matrices

_LEAST = 0.05  # standardised loading from which an item can set a unit
_SAME = 1e-6  # of chi-square per respondent: the same solution in other units


def fit_in_any_units(plan: Plan, scale_by: ScaleBy, fit: Fit) -> tuple[Solution, tuple[Text, ...]]:
    """The solution, and what to say where the units that were asked for did not lead to it.

    A model that does not converge with markers is fitted with factor variances of 1. From there it is brought to the markers
    asked for; failing that to each factor's strongest item; failing that it is left.
    """
    table = plan(scale_by=scale_by)
    asked = fit(table, None)
    if asked.converged or scale_by == "variance":
        return asked, ()
    free = fit(plan(scale_by="variance"), None)
    if not free.converged:
        return asked, ()
    kept = _brought(table, free, fit)
    if kept is not None:
        return kept, ({
            "en": "did not converge at first with its markers; was fitted with factor variances of 1 and brought to the markers",
            "zh": "以标记题项起步未收敛；先将因子方差固定为 1 拟合，再换算至标记题项",
        },)  # fmt: skip
    markers = _better_markers(table, free)
    other = _brought(plan(scale_by="marker", markers=markers), free, fit)
    changed = _changed(table, free, markers)
    if other is not None and changed:
        told = ", ".join(f"{new} in place of {old} for '{factor}'" for factor, old, new in changed)
        zh = "，".join(f"“{factor}”由 {old} 改为 {new}" for factor, old, new in changed)
        return other, ({
            "en": f"did not converge with its markers, which hardly measure their factors; other items set the units: {told}",
            "zh": f"以原标记题项未收敛（其几乎不测量所属因子），改由其他题项确定单位：{zh}",
        },)  # fmt: skip
    return free, ({
        "en": "did not converge with marker items; factor variances of 1 set the units instead",
        "zh": "以标记题项未收敛，改为将因子方差固定为 1",
    },)  # fmt: skip


def _brought(table: ParameterTable, free: Solution, fit: Fit) -> Solution | None:
    """The same solution in a table's units; None where it can't be had in them."""
    if any(loading < _LEAST for _, _, loading in _markers(table, free)):
        return None
    size = _marker_sizes(table, free.matrices[0])
    found = fit(table, in_units(free.matrices[0], size))
    return found if found.converged and abs(found.chi2 - free.chi2) < _SAME * free.n else None


def in_units(matrices: Matrices, size: Array) -> Matrices:
    """The same model with factors multiplied by a size each."""
    return replace(
        matrices,
        loadings=matrices.loadings / size,
        regressions=matrices.regressions * size[:, None] / size,
        disturbances=matrices.disturbances * np.outer(size, size),
        means=matrices.means * size,
    )


def values_at(table: ParameterTable, matrices: Matrices) -> Array:
    """(q,) the free numbers of a table that stand in these matrices."""
    arrays = (
        matrices.loadings,
        matrices.regressions,
        matrices.disturbances,
        matrices.residuals,
        matrices.intercepts,
        matrices.means,
    )
    theta = np.zeros(table.n_free)
    for kind, array in enumerate(arrays):
        lines = np.flatnonzero((table.kind == kind) & (table.free >= 0))
        row, column = table.row[lines], table.column[lines]
        theta[table.free[lines]] = array[row] if array.ndim == 1 else array[row, column]
    return theta


def _marker_sizes(table: ParameterTable, matrices: Matrices) -> Array:
    """(k,) what each factor is multiplied by so that the fixed loadings are 1."""
    size = np.ones(len(table.factors))
    for line in np.flatnonzero(table.of_kind("loading") & (table.free < 0)):
        size[table.column[line]] = matrices.loadings[table.row[line], table.column[line]]
    for line in np.flatnonzero(table.of_kind("regression") & (table.free < 0)):
        row, column = table.row[line], table.column[line]
        size[column] = matrices.regressions[row, column] * size[row]
    return size


def _better_markers(table: ParameterTable, free: Solution) -> dict[str, str]:
    """Markers as they were where they measure their factors, and the item that measures it most (and it alone) where not."""
    size = np.abs(standardise(free).loadings)
    alone = (size > 0).sum(axis=1) == 1
    out = {}
    for factor, marker, loading in _markers(table, free):
        if table.roles[table.factors.index(factor)] != GENERAL:
            j = table.factors.index(factor)
            own = size[:, j] * (alone if (size[alone, j] >= _LEAST).any() else 1.0)
            out[factor] = marker if loading >= _LEAST else table.items[int(np.argmax(own))]
    return out


def _markers(table: ParameterTable, free: Solution) -> list[tuple[str, str, float]]:
    """Each factor, the item (or factor) that sets its unit, and the size of its standardised loading."""
    standard, out = standardise(free), []
    for line in np.flatnonzero((table.of_kind("loading") | table.of_kind("regression")) & (table.free < 0)):
        row, column, of_item = int(table.row[line]), int(table.column[line]), bool(table.of_kind("loading")[line])
        loading = (standard.loadings if of_item else standard.regressions)[row, column]
        out.append((table.factors[column], (table.items if of_item else table.factors)[row], abs(float(loading))))
    return out


def _changed(table: ParameterTable, free: Solution, markers: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Factor, marker before and now, where they differ."""
    before = {factor: item for factor, item, _ in _markers(table, free)}
    return [(factor, before[factor], item) for factor, item in markers.items() if before[factor] != item]
