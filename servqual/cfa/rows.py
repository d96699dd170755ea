"""The rows behind a matrix once more: what robust errors need, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.correlations import ItemMatrix
from servqual.moments import answer_matrix, row_weights
from servqual.responses import Responses

Array = NDArray[Any]
Rows = tuple[Array, Array | None, Array | None]  # (n, p) values, (n,) weights, (n,) clusters


def complete_rows(
    responses: Responses, matrix: ItemMatrix, *, by: str | None = None, label: Any = None
) -> Iterator[Rows]:
    """Values, weights and clusters of the respondents who answered all items, part by part.

    Parameters
    ----------
    responses : what the matrix was made from
    matrix : its items and form are taken
    by, label : only the rows of one group
    """
    side = next(side for side in responses.sides if matrix.of == "gap" or matrix.of in side.forms)
    forms = ("perception", "expectation") if matrix.of == "gap" else (matrix.of,)
    columns = [side.instrument.column(form, item) for form in forms for item in matrix.names]
    design = side.design
    for frame in side.frames([by] if by else []):
        values = answer_matrix(frame, columns).astype(float)
        if matrix.of == "gap":
            values = values[:, : len(matrix.names)] - values[:, len(matrix.names) :]
        used = ~np.isnan(values).any(axis=1)
        if by is not None:
            used &= (frame[by] == label).to_numpy()
        weights = row_weights(frame, design)
        clusters = frame[design.stages[0]].astype(str).to_numpy() if design.stages else None
        yield values[used], None if weights is None else weights[used], None if clusters is None else clusters[used]


def with_mean_weight_one(parts: list[Rows]) -> list[Rows]:
    """The same parts; weights sum to the number of rows."""
    given = [weights for _, weights, _ in parts if weights is not None]
    if not given:
        return parts
    mean = sum(float(weights.sum()) for weights in given) / sum(len(weights) for weights in given)
    return [(values, None if weights is None else weights / mean, clusters) for values, weights, clusters in parts]
