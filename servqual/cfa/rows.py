"""The rows behind a matrix once more: what robust errors need, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.correlations import ItemMatrix, Of, side_of
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
    for values, weights, clusters in rows_of_items(responses, matrix.of, matrix.names, by=by, label=label):
        used = ~np.isnan(values).any(axis=1)
        yield values[used], None if weights is None else weights[used], None if clusters is None else clusters[used]


def rows_of_items(
    responses: Responses, of: Of, items: Sequence[str], *, by: str | None = None, label: Any = None
) -> Iterator[Rows]:
    """Values, weights and clusters of all respondents (of one group), nan where an item has no answer, part by part."""
    side = side_of(responses, of)
    forms = ("perception", "expectation") if of == "gap" else (of,)
    columns = [side.instrument.column(form, item) for form in forms for item in items]
    design = side.design
    for frame in side.frames([by] if by else []):
        values = answer_matrix(frame, columns).astype(float)
        if of == "gap":
            values = values[:, : len(items)] - values[:, len(items) :]
        weights = row_weights(frame, design)
        clusters = frame[design.stages[0]].astype(str).to_numpy() if design.stages else None
        own = slice(None) if by is None else (frame[by] == label).to_numpy()
        yield values[own], None if weights is None else weights[own], None if clusters is None else clusters[own]


def with_mean_weight_one(parts: list[Rows]) -> list[Rows]:
    """The same parts; weights sum to the number of rows."""
    given = [weights for _, weights, _ in parts if weights is not None]
    if not given:
        return parts
    mean = sum(float(weights.sum()) for weights in given) / sum(len(weights) for weights in given)
    return [(values, None if weights is None else weights / mean, clusters) for values, weights, clusters in parts]
