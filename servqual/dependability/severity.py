"""How severe is each inspector, and how good each store once that is allowed for? Best linear unbiased prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LEAST = 1e-9  # share of the total variance that stands for a variance of 0


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions of both sides of a crossed design.

    Attributes
    ----------
    mean : the overall mean
    rows, columns : predicted deviations of stores and of inspectors
    row_errors, column_errors : standard errors of mean + row, and of the column's deviation
    """

    mean: float
    rows: Array
    columns: Array
    row_errors: Array
    column_errors: Array


def predict_crossed(
    y: Array, variance: Array, row: Array, column: Array, sizes: tuple[int, int], between: tuple[float, float]
) -> Predicted:
    """Predict the effects of stores (rows) and inspectors (columns) from the means of the cells where they met.

    Parameters
    ----------
    y, variance : (m,) means of the cells and their error variances
    row, column : (m,) numbers of their store and inspector
    sizes : numbers of stores and of inspectors
    between : variances of stores and of inspectors, taken as known

    Notes
    -----
    Henderson's mixed model equations of ``y = μ + s + i + e``. The larger side is eliminated, so that what is solved has the size
    of the smaller one. Errors are those of prediction and count the estimation of μ, but not of the variances: with few inspectors
    intervals come out somewhat narrow.

    References
    ----------
    Henderson (1975), Biometrics 31, 423-447, doi:10.2307/2529430. Robinson (1991), Statistical Science 6, 15-32,
    doi:10.1214/ss/1177011926. Checked against the covariance matrix inverted whole (tests/test_dependability.py).

    Examples
    --------
    >>> y, row, column = np.array([80.0, 70.0, 90.0]), np.array([0, 0, 1]), np.array([0, 1, 0])
    >>> found = predict_crossed(y, np.full(3, 10.0), row, column, (2, 2), (50.0, 30.0))
    >>> round(found.mean, 1), found.columns.round(1).tolist()  # the first inspector is the more lenient
    (80.2, [4.1, -4.1])
    """
    if sizes[1] > sizes[0]:
        turned = _eliminated(y, variance, column, row, (sizes[1], sizes[0]), (between[1], between[0]))
        return Predicted(
            turned.mean, turned.columns, turned.rows, np.sqrt(turned.column_sum), np.sqrt(turned.row_alone)
        )
    found = _eliminated(y, variance, row, column, sizes, between)
    return Predicted(found.mean, found.rows, found.columns, np.sqrt(found.row_sum), np.sqrt(found.column_alone))


@dataclass(frozen=True, eq=False)
class _Solved:
    """Effects of both sides, and variances of their errors: alone, and added to the mean."""

    mean: float
    rows: Array
    columns: Array
    row_alone: Array
    row_sum: Array
    column_alone: Array
    column_sum: Array


def _eliminated(
    y: Array, variance: Array, row: Array, column: Array, sizes: tuple[int, int], between: tuple[float, float]
) -> _Solved:
    """Solve for the mean and the columns, the rows eliminated."""
    from scipy.sparse import csr_array, diags_array, hstack

    least = _LEAST * (sum(between) + float(variance.mean()))
    w = 1 / variance
    own = np.bincount(row, w, sizes[0]) + 1 / max(between[0], least)
    met = csr_array((w, (row, column)), shape=sizes)
    total = np.bincount(row, w, sizes[0])
    wide = hstack([csr_array(total[:, None]), met]).tocsr()
    by_column = np.bincount(column, w, sizes[1])
    left = np.diag(np.concatenate([[w.sum()], by_column + 1 / max(between[1], least)]))
    left[0, 1:] = left[1:, 0] = by_column
    left = left - (wide.T @ diags_array(1 / own) @ wide).toarray()
    given = np.bincount(row, w * y, sizes[0])
    right = np.concatenate([[w @ y], np.bincount(column, w * y, sizes[1])]) - wide.T @ (given / own)
    inverse = np.linalg.inv(left)
    solved = inverse @ right
    rows = (given - wide @ solved) / own
    reach = -(wide.toarray() / own[:, None])
    row_alone = 1 / own + ((reach @ inverse) * reach).sum(axis=1)
    reach[:, 0] += 1
    row_sum = 1 / own + ((reach @ inverse) * reach).sum(axis=1)
    alone = np.diag(inverse)[1:]
    return _Solved(
        float(solved[0]), rows, solved[1:], row_alone, row_sum, alone, alone + inverse[0, 0] + 2 * inverse[0, 1:]
    )
