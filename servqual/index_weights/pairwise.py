"""Which of two counts more, and how much more? Weights from comparisons in pairs (AHP), and whether they fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd

from servqual.index_weights.found import cell_words
from servqual.index_weights.simplex import Array
from survey_design.errors import DataError, SpecError
from survey_design.results import is_missing

Vector = Literal["eigenvector", "geometric_mean"]

# Mean consistency index of random reciprocal matrices of 1 to 15 indicators: Saaty (1980), The Analytic Hierarchy Process.
RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
MOST_INCONSISTENT = 0.10
LARGEST = 9  # of Saaty's scale, 1/9 to 9
_ROUNDED = 0.0051  # 0.33 for 1/3: as far as two decimals may be from a reciprocal


def read_pairwise(
    matrix: pd.DataFrame | Array | Sequence[Sequence[Any]],
    indicators: Sequence[str] | None = None,
    where: str = "the comparisons",
) -> tuple[Array, tuple[str, ...]]:
    """(k, k) reciprocal matrix, nan where a pair was not compared, and the names of the indicators.

    Parameters
    ----------
    matrix : row against column: 3 says that the row's indicator counts three times as much. Whole, or only above (or below) the
        diagonal; numbers or texts such as "1/3"; a pair may be missing on both sides
    indicators : names, where the matrix has none; else which of them, and their order
    where : what to call it in messages

    Raises
    ------
    SpecError, DataError
        If it is not square or its names differ; if cells are no numbers above 0, the diagonal is not 1, or two cells are not each
        other's reciprocal (all cells are listed; what rounding to two decimals explains is made exact).

    Examples
    --------
    >>> read_pairwise([[1, "3", 5], [None, 1, 2], [None, None, 1]], ["care", "speed", "price"])[0].round(3).tolist()
    [[1.0, 3.0, 5.0], [0.333, 1.0, 2.0], [0.2, 0.5, 1.0]]
    """
    table = _named_rows(matrix) if isinstance(matrix, pd.DataFrame) else pd.DataFrame(np.asarray(matrix, dtype=object))
    names = _names_of(table, indicators, where)
    if isinstance(matrix, pd.DataFrame) and [str(name) for name in table.index] == [
        str(name) for name in table.columns
    ]:
        table = table.set_axis([str(name) for name in table.columns], axis=1).set_axis(
            [str(name) for name in table.index]
        )
        table = table.loc[list(names), list(names)]
    cells = table.to_numpy(dtype=object)
    numbers = np.array([[_number(cell) for cell in row] for row in cells], dtype=float)
    missing = np.array([[is_missing(cell) or str(cell).strip() == "" for cell in row] for row in cells])
    faults = [_fault(names, i, j, cells[i, j], "no number above 0")
              for i, j in np.argwhere(~missing & ~(np.isfinite(numbers) & (numbers > 0)))]  # fmt: skip
    faults += [_fault(names, i, i, cells[i, i], "the diagonal must be 1") for i in range(len(names))
               if numbers[i, i] > 0 and numbers[i, i] != 1]  # fmt: skip
    first, second = np.triu_indices(len(names), 1)
    apart = [(i, j) for i, j in zip(first, second, strict=True) if _not_reciprocal(numbers[i, j], numbers[j, i])]
    faults += [_fault(names, j, i, cells[j, i], f"not the reciprocal of {numbers[i, j]:g} in row '{names[i]}', column '{names[j]}'")
               for i, j in apart]  # fmt: skip
    _refuse(faults, where)
    return _reciprocal(numbers), names


def _named_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The matrix with its rows named: a first column that repeats the other headings holds the names, as in most files."""
    heads = [str(name).strip() for name in table.columns]
    first = [str(cell).strip() for cell in table.iloc[:, 0]] if table.shape[1] else []
    if len(first) != len(heads) - 1 or {*first} != {*heads[1:]}:
        return table
    return table.iloc[:, 1:].set_axis(heads[1:], axis=1).set_axis(first)


def _names_of(table: pd.DataFrame, indicators: Sequence[str] | None, where: str) -> tuple[str, ...]:
    """What the rows and columns are called."""
    rows, columns = [str(name) for name in table.index], [str(name) for name in table.columns]
    if len(rows) != len(columns) or len(rows) < 2:
        raise SpecError(f"{where}: {len(rows)} rows and {len(columns)} columns. Give a square matrix, one row and one column for each "
                        "indicator.")  # fmt: skip
    plain = columns == [str(k) for k in range(len(columns))]
    if not plain and rows != columns and rows != [str(k) for k in range(len(rows))]:
        raise SpecError(
            f"{where}: rows are {', '.join(rows)}, columns {', '.join(columns)}. Name both alike, in the same order."
        )
    if indicators is None:
        return tuple(columns)
    if len(set(indicators)) != len(columns) or (not plain and rows == columns and set(indicators) != set(columns)):
        raise SpecError(
            f"{where} compare {', '.join(columns)}; indicators are {', '.join(indicators)}. Give the same ones."
        )
    return tuple(indicators)


def _number(cell: Any) -> float:
    """A cell as a number: 3, "3", "1/3", "１／３"; nan where it is none."""
    if isinstance(cell, str):
        try:
            return float(Fraction(cell.strip().translate(str.maketrans("０１２３４５６７８９／．", "0123456789/."))))
        except (ValueError, ZeroDivisionError):
            return float("nan")
    return float("nan") if is_missing(cell) or isinstance(cell, bool) else float(cell)


def _not_reciprocal(above: float, below: float) -> bool:
    """True where both cells are there and rounding does not explain that their product is not 1."""
    if not (above > 0 and below > 0):
        return False
    most, least = max(above, below), min(above, below)
    return abs(least - 1 / most) > max(_ROUNDED if round(least, 2) == least else 0.0, 1e-3 / most)


def _reciprocal(numbers: Array) -> Array:
    """Both halves of the matrix from the cell of each pair that is 1 or more, since 3 is exact where 0.33 is not."""
    turned = 1 / numbers.T
    one_sided = np.isnan(numbers) | np.isnan(turned)
    exact = np.where(one_sided, np.where(np.isnan(numbers), turned, numbers), np.where(numbers >= 1, numbers, turned))
    first, second = np.triu_indices(len(exact), 1)
    exact[second, first] = 1 / exact[first, second]
    np.fill_diagonal(exact, 1.0)
    return np.asarray(exact)


def _fault(names: Sequence[str], i: Any, j: Any, value: Any, problem: str) -> dict[str, Any]:
    return {"row": names[i], "column": names[j], "value": value, "problem": problem}


def _refuse(faults: Sequence[Mapping[str, Any]], where: str) -> None:
    if faults:
        said = [f"row '{f['row']}', column '{f['column']}': {cell_words(f['value'])} ({f['problem']})" for f in faults]
        more = f"; and {len(said) - 8} more" if len(said) > 8 else ""
        raise DataError(f"{where}: {len(said)} {'cell' if len(said) == 1 else 'cells'} can't be used: {'; '.join(said[:8])}{more}. "
                        "Correct them, or leave one half of the matrix empty.", pd.DataFrame(list(faults)))  # fmt: skip


# --- weights and consistency -------------------------------------------------------------------------------


def eigenvector_weights(matrix: Array) -> tuple[Array, float]:
    """(k,) principal eigenvector of a reciprocal matrix, summing to 1, and its eigenvalue λ.

    Pairs that were not compared (nan) count as the weights themselves would have it: they are left out and their number is added
    to the diagonal (Harker 1987).

    Saaty (1977), Journal of Mathematical Psychology 15, 234-281, doi:10.1016/0022-2496(77)90033-5. Harker (1987), Mathematical
    Modelling 9, 353-360, doi:10.1016/0270-0255(87)90503-3.

    >>> weights, value = eigenvector_weights(np.array([[1, 2, 6], [1 / 2, 1, 3], [1 / 6, 1 / 3, 1]]))
    >>> weights.round(3).tolist(), round(value, 6)
    ([0.6, 0.3, 0.1], 3.0)
    """
    missing = np.isnan(matrix)
    known = np.where(missing, 0.0, matrix) + np.diag(missing.sum(axis=1).astype(float))
    values, vectors = np.linalg.eig(known)
    first = int(np.argmax(values.real))
    vector = np.abs(vectors[:, first].real)
    return np.asarray(vector / vector.sum()), float(values[first].real)


def geometric_weights(matrix: Array) -> Array:
    """(k,) weights by least squares of ``ln a_ij = ln w_i − ln w_j``; with all pairs the geometric means of the rows.

    Crawford and Williams (1985), Journal of Mathematical Psychology 29, 387-405, doi:10.1016/0022-2496(85)90002-1.

    >>> geometric_weights(np.array([[1, 2, 6], [1 / 2, 1, 3], [1 / 6, 1 / 3, 1]])).round(3).tolist()
    [0.6, 0.3, 0.1]
    """
    known = ~np.isnan(matrix)
    logs = np.where(known, np.log(np.where(known, matrix, 1.0)), 0.0).sum(axis=1)
    laplacian = np.diag(known.sum(axis=1).astype(float)) - known
    weights = np.exp(np.linalg.lstsq(laplacian, logs, rcond=None)[0])
    return np.asarray(weights / weights.sum())


def is_connected(matrix: Array) -> bool:
    """True where every indicator can be reached from every other over pairs that were compared."""
    known = ~np.isnan(matrix)
    return bool((np.linalg.matrix_power(known.astype(float), len(matrix)) > 0).all())


@dataclass(frozen=True)
class Consistency:
    """Do the comparisons of one matrix fit together?

    Attributes
    ----------
    lambda_max, ci : principal eigenvalue, ``CI = (λ − k)/(k − 1)``
    ri, cr : random index and ``CR = CI/RI``; nan where pairs are missing or there are more than 15 indicators
    gci, gci_limit : geometric consistency index, and what corresponds to a CR of .10
    missing : pairs that were not compared
    flagged : True where CR, or without it the GCI, is above its limit
    """

    lambda_max: float
    ci: float
    ri: float
    cr: float
    gci: float
    gci_limit: float
    missing: int
    flagged: bool


def consistency(matrix: Array) -> Consistency:
    """How far comparisons contradict each other: CR by eigenvalue, GCI by logarithms.

    Notes
    -----
    ``GCI = sum over pairs ln²(a_ij w_j/w_i)/df`` with geometric weights and df the compared pairs less k − 1, so
    ``2/((k − 1)(k − 2))`` with all pairs. Limits .31, .35 and .37 for 3, 4 and more indicators correspond to CR = .10. Random
    indices differ between tables by a few hundredths (1.32 or 1.35 for seven); these are Saaty's of 1980.

    References
    ----------
    Saaty (1980), The Analytic Hierarchy Process, McGraw-Hill. Aguarón and Moreno-Jiménez (2003), European Journal of Operational
    Research 147, 137-145, doi:10.1016/S0377-2217(02)00255-2.

    Examples
    --------
    >>> found = consistency(np.array([[1, 2, 9], [1 / 2, 1, 1 / 4], [1 / 9, 4, 1]]))
    >>> round(found.cr, 2), found.flagged
    (0.86, True)
    """
    k = len(matrix)
    missing = int(np.isnan(matrix).sum() // 2)
    value = eigenvector_weights(matrix)[1]
    ci = max(value - k, 0.0) / (k - 1)
    ri = RANDOM_INDEX[k - 1] if k <= len(RANDOM_INDEX) and not missing else np.nan
    cr = np.nan if np.isnan(ri) else ci / ri if ri > 0 else 0.0
    df = k * (k - 1) // 2 - missing - (k - 1)
    gci = float(np.nansum(np.triu(misfits(matrix), 1) ** 2)) / df if df > 0 else 0.0
    limit = {3: 0.31, 4: 0.35}.get(k, 0.37)
    flagged = gci > limit if np.isnan(cr) else cr > MOST_INCONSISTENT
    return Consistency(value, ci, ri, float(cr), gci, limit, missing, bool(flagged))


def misfits(matrix: Array) -> Array:
    """(k, k) ``ln(a_ij w_j/w_i)`` under geometric weights: above 0 where the comparison says more than all others together."""
    weights = geometric_weights(matrix)
    return np.asarray(np.log(matrix * weights / weights[:, None]))


def aggregated(matrices: Sequence[Array]) -> Array:
    """(k, k) geometric means of several experts' comparisons, each pair over those who made it (AIJ); again reciprocal.

    Aczél and Saaty (1983), Journal of Mathematical Psychology 27, 93-102, doi:10.1016/0022-2496(83)90028-7.

    >>> one, two = np.array([[1, 2], [1 / 2, 1]]), np.array([[1, 8], [1 / 8, 1]])
    >>> aggregated([one, two]).tolist()
    [[1.0, 4.0], [0.25, 1.0]]
    """
    logs = np.log(np.array(matrices))
    known = np.isfinite(logs)
    count = known.sum(axis=0)
    mean = np.where(known, logs, 0.0).sum(axis=0) / np.where(count > 0, count, 1)
    return np.asarray(np.where(count > 0, np.exp(mean), np.nan))
