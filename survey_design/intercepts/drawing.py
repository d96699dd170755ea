"""Which blocks? A draw that keeps every probability and lets nobody be in two places at once.

Numbers happen here, on arrays; stores, days and interviewers are named in ``plan``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[Any]
_EXACT = 1e-9


def draw_table(p: Array, generator: Generator) -> Array:
    """(r, c) True/False drawn with the probabilities of a table, its row and column sums kept.

    Every entry is drawn with exactly its probability. The number drawn in a row is the sum of the row's
    probabilities if that is a whole number, else that sum rounded up or down; the same holds for columns.
    With stores as rows and times as columns a store gets as many blocks as planned, and no time gets more
    blocks than the expected number, rounded up.

    Parameters
    ----------
    p : (r, c) probabilities, 0 to 1
    generator : source of randomness

    Notes
    -----
    One more row and column take what is missing to whole sums. Then, as long as any entry lies between 0 and 1,
    a closed walk that turns alternately along rows and columns is found, and its entries are raised and lowered in
    turn by the same amount, up or down with chances that leave each expectation as it was, until one of them is 0
    or 1. Rows and columns are shuffled first, so that most pairs of blocks can come up together.

    References
    ----------
    Cox (1987), Journal of the American Statistical Association 82, 520-524 (unbiased controlled rounding).
    Gandhi, Khuller, Parthasarathy and Srinivasan (2006), Journal of the ACM 53, 324-360,
    doi:10.1145/1147954.1147956 (dependent rounding). With one row it is the pivotal method: Deville and Tillé (1998),
    Biometrika 85, 89-101, doi:10.1093/biomet/85.1.89. Checked by counting: realised shares of 20,000 draws against
    the probabilities, and every row and column sum (tests/test_intercepts.py).

    Examples
    --------
    >>> p = np.array([[0.5, 0.5, 1.0], [0.25, 0.25, 0.5]])
    >>> drawn = draw_table(p, np.random.default_rng(1))
    >>> drawn.sum(axis=1).tolist(), bool((drawn.sum(axis=0) <= [1, 1, 2]).all())
    ([2, 1], True)
    """
    rows, columns = generator.permutation(p.shape[0]), generator.permutation(p.shape[1])
    table = _whole_sums(p[np.ix_(rows, columns)])
    entries: list[list[float]] = table.tolist()
    along = [{c for c, x in enumerate(line) if _open(x)} for line in entries]
    across = [{r for r in range(len(entries)) if c in along[r]} for c in range(table.shape[1])]
    for row in range(len(entries)):
        while along[row]:
            _turn(entries, _closed_walk(along, across, row), along, across, generator)
    drawn = np.zeros(p.shape, dtype=bool)
    drawn[np.ix_(rows, columns)] = np.array(entries)[: p.shape[0], : p.shape[1]] > 0.5
    return drawn


def _open(x: float) -> bool:
    return _EXACT < x < 1 - _EXACT


def _whole_sums(p: Array) -> Array:
    """The table with a row and a column more, so that all sums are whole numbers."""
    row = np.ceil(p.sum(axis=1) - _EXACT) - p.sum(axis=1)
    column = np.ceil(p.sum(axis=0) - _EXACT) - p.sum(axis=0)
    corner = column.sum() - np.floor(column.sum() + _EXACT)
    return np.block([[p, row[:, None]], [column[None, :], np.array([[(1 - corner) % 1.0]])]])


def _closed_walk(along: list[set[int]], across: list[set[int]], row: int) -> list[tuple[int, int]]:
    """Entries between 0 and 1 that lie on a closed walk, in turn along rows and columns, none of which comes twice.

    Sums are whole, so a row or column with one open entry has another, and a walk goes on until it meets itself.
    """
    walk: list[tuple[int, int]] = []
    rows_seen, columns_seen = {row: 0}, dict[int, int]()
    column = -1
    while True:
        column = next(c for c in along[row] if c != column)
        walk.append((row, column))
        if column in columns_seen:
            return walk[columns_seen[column] :]
        columns_seen[column] = len(walk)
        row = next(r for r in across[column] if r != row)
        walk.append((row, column))
        if row in rows_seen:
            return walk[rows_seen[row] :]
        rows_seen[row] = len(walk)


def _turn(
    entries: list[list[float]],
    walk: list[tuple[int, int]],
    along: list[set[int]],
    across: list[set[int]],
    generator: Generator,
) -> None:
    """Raise and lower the entries of a walk in turn until one is 0 or 1, each expectation kept."""
    raised, lowered = walk[::2], walk[1::2]
    up = min(min(1 - entries[r][c] for r, c in raised), min(entries[r][c] for r, c in lowered))
    down = min(min(entries[r][c] for r, c in raised), min(1 - entries[r][c] for r, c in lowered))
    step = up if generator.random() * (up + down) < down else -down
    for sign, part in ((step, raised), (-step, lowered)):
        for r, c in part:
            entries[r][c] += sign
            if not _open(entries[r][c]):
                along[r].discard(c)
                across[c].discard(r)
