"""What would the model fit better with? Score tests of the numbers that it fixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.fit import Solution, basis_of, directions, mean_slopes
from servqual.cfa.incomplete import IncompleteSolution, incomplete_score_test
from servqual.cfa.model import KINDS, Kind
from servqual.cfa.ordered import OrderedSolution, ordered_score_test

Array = NDArray[Any]
Candidate = tuple[Kind, int, int]

_SINGULAR = 1e-9


def candidates(solution: Solution, group: int = 0) -> list[Candidate]:
    """Cross-loadings and residual covariances that the model fixes at 0."""
    table = solution.table
    present = {
        (int(table.kind[i]), int(table.row[i]), int(table.column[i])) for i in np.flatnonzero(table.group == group)
    }
    loads, residual = KINDS.index("loading"), KINDS.index("residual")
    own = [j for j, role in enumerate(table.roles) if not role]
    p = len(table.items)
    found: list[Candidate] = [("loading", i, j) for j in own for i in range(p) if (loads, i, j) not in present]
    found += [("residual", i, k) for k in range(p) for i in range(k + 1, p)
              if not {(residual, i, k), (residual, k, i)} & present]  # fmt: skip
    return found


def score_test(solution: Solution, lines: list[Candidate], group: int = 0) -> tuple[Array, Array]:
    """(c,) chi-square that each number would lower the fit by if it were freed alone, and the value it would take.

    ``MI = g^2 / (I_cc - I_cf I_ff^-1 I_fc)`` with g the slope of the log-likelihood and I the expected information.

    References
    ----------
    Sörbom (1989), Psychometrika 54, 371-384, doi:10.1007/BF02294623.
    """
    table, sample, matrices = solution.table, solution.samples[group], solution.matrices[group]
    p, k = len(table.items), len(table.factors)
    kind = np.array([KINDS.index(line[0]) for line in lines])
    row, column = (np.array([line[j] for line in lines]) for j in (1, 2))
    inside = np.flatnonzero((table.group == group) & (table.free >= 0))
    every = [
        np.append(table.kind[inside], kind),
        np.append(table.row[inside], row),
        np.append(table.column[inside], column),
    ]
    left, right, half = directions(every[0], every[1], every[2], p, k)
    basis, inverse = basis_of(matrices), np.linalg.inv(matrices.covariance)
    new = slice(len(inside), None)
    product = basis.T @ inverse @ basis
    off = np.zeros(p) if sample.mean is None else sample.mean - matrices.mean
    residual = inverse @ (matrices.covariance - sample.covariance - np.outer(off, off)) @ inverse
    slope = (basis.T @ residual @ basis)[left[new], right[new]] * half[new]
    cross = _information(product, left, right, half, new)
    own = (
        product[left[new], left[new]] * product[right[new], right[new]] + product[left[new], right[new]] ** 2
    ) * half[new] ** 2
    if sample.mean is not None:
        slopes = mean_slopes(matrices, basis, every[0], left, every[2])
        slope = slope - off @ inverse @ slopes[:, new]
        cross = cross + slopes[:, : len(inside)].T @ inverse @ slopes[:, new]
        own = own + np.einsum("pm,pq,qm->m", slopes[:, new], inverse, slopes[:, new])
    joined = np.zeros((table.n_free, len(lines)))
    np.add.at(joined, table.free[inside], sample.n * cross)
    gradient, information = sample.n * slope, sample.n * own
    left_over = information - np.einsum("qc,qr,rc->c", joined, solution.covariance, joined, optimize=True)
    free_to_move = left_over > _SINGULAR * information
    safe = np.where(free_to_move, left_over, np.inf)
    return np.where(free_to_move, gradient**2 / safe, 0.0), -gradient / safe


def _information(product: Array, left: Array, right: Array, half: Array, new: slice) -> Array:
    """(m, c) expected information between the free lines and the candidates, per respondent."""
    a, b = np.arange(len(left))[: new.start, None], np.arange(len(left))[new][None]
    both = (
        product[left[a], left[b]] * product[right[a], right[b]]
        + product[left[a], right[b]] * product[right[a], left[b]]
    )
    return np.asarray(both * half[a] * half[b])


def modification_table(solution: Solution, group: int = 0) -> pd.DataFrame:
    """Candidates by falling modification index: ``kind, left, right, mi, p, change, change_standardised``."""
    from scipy.special import chdtrc

    lines = candidates(solution, group)
    columns = ["kind", "left", "right", "mi", "p", "change", "change_standardised"]
    if not lines:
        return pd.DataFrame(columns=columns)
    if isinstance(solution, IncompleteSolution):
        mi, change = incomplete_score_test(solution, lines)
    elif isinstance(solution, OrderedSolution):
        mi, change = ordered_score_test(solution, lines)
    else:
        mi, change = score_test(solution, lines, group)
    matrices, table = solution.matrices[group], solution.table
    item, factor = np.sqrt(matrices.covariance.diagonal()), np.sqrt(np.abs(matrices.factors.diagonal()))
    unique = np.sqrt(np.abs(matrices.residuals.diagonal()))
    scale = [
        factor[j] / item[i] if kind == "loading" else 1 / max(unique[i] * unique[j], 1e-300) for kind, i, j in lines
    ]
    left = [table.factors[j] if kind == "loading" else table.items[j] for kind, i, j in lines]
    right = [table.items[i] for _, i, _ in lines]
    frame = pd.DataFrame(dict(zip(columns, ([kind for kind, *_ in lines], left, right, mi, chdtrc(1, mi), change,
                                            change * np.array(scale)), strict=True)))  # fmt: skip
    return frame.sort_values("mi", ascending=False, kind="stable", ignore_index=True)
