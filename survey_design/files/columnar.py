"""How do columns of other libraries become columns of ours? Parquet, Arrow, Polars, DuckDB; nullable and categorical."""

from __future__ import annotations

import io
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from survey_design.errors import DataError, SpecError

Array = np.ndarray[Any, Any]
_EXACT = 2.0**53  # below it floats hold every whole number


@runtime_checkable
class ArrowStream(Protocol):
    """Whatever hands over its columns as an Arrow stream: tables of Polars, PyArrow, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


def as_frame(table: Any) -> pd.DataFrame:
    """A table of another library as a DataFrame with the same values, through the Arrow stream interface.

    Takes a Polars DataFrame, a PyArrow Table or RecordBatchReader, a DuckDB relation. None of these libraries is
    imported for it, except PyArrow. Dictionaries are decoded, texts are plain texts, and whole numbers with gaps
    stay whole.

    >>> import pyarrow
    >>> as_frame(pyarrow.table({"tier": pyarrow.array(["a", None]).dictionary_encode()}))["tier"].tolist()
    ['a', None]
    """
    import pyarrow as pa

    try:
        arrow = table if isinstance(table, pa.Table) else pa.table(table)
    except (pa.ArrowException, TypeError) as error:
        raise SpecError(f"frame={type(table).__name__} cannot be read as an Arrow table ({error}).") from error
    names = [str(name) for name in arrow.column_names]
    columns = {k: _column(arrow.column(k)) for k in range(arrow.num_columns)}
    return pd.DataFrame(columns, index=pd.RangeIndex(arrow.num_rows), copy=False).set_axis(names, axis=1)


def read_parquet(content: bytes, name: str) -> pd.DataFrame:
    """A Parquet file as a DataFrame with the same values.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read as Parquet ({error}). Write the file again.") from error
    return as_frame(table)


def _column(chunks: Any) -> pd.Series:
    import pyarrow as pa

    if pa.types.is_dictionary(chunks.type):
        return _decoded(chunks)
    if pa.types.is_decimal(chunks.type):
        chunks = chunks.cast(pa.float64())
    if pa.types.is_integer(chunks.type) and chunks.null_count:
        filled, gaps = chunks.fill_null(0).to_numpy(), chunks.is_null().to_numpy()
        return pd.Series(pd.arrays.IntegerArray(filled.copy(), gaps.copy()))
    if pa.types.is_integer(chunks.type) or pa.types.is_floating(chunks.type):
        return pd.Series(chunks.to_numpy())
    if pa.types.is_boolean(chunks.type) and not chunks.null_count:
        return pd.Series(chunks.to_numpy())
    return pd.Series(chunks.to_pylist(), dtype=object)


def _decoded(chunks: Any) -> pd.Series:
    """A dictionary column as its values, None where there is nothing."""
    parts = []
    for chunk in chunks.chunks:
        values = np.array([*chunk.dictionary.to_pylist(), None], dtype=object)
        parts.append(values[chunk.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)])
    return pd.Series(np.concatenate([np.empty(0, dtype=object), *parts]), dtype=object)


def plain(column: pd.Series, *, number: bool = False) -> pd.Series:
    """A column in one of few kinds: numpy numbers and truths, or objects with None where there is nothing.

    The same values give the same column whatever library held them. Whole numbers with gaps become objects, so that
    a group called 1 is not shown as 1.0; with ``number`` they become floats with NaN, as answers are.

    >>> plain(pd.Series([1, None], dtype="Int64")).tolist()
    [1, None]
    >>> plain(pd.Series(["a", None], dtype="category")).tolist()
    ['a', None]
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        inner = column.cat.categories.dtype
        whole = pd.api.types.is_integer_dtype(inner) and column.hasnans
        return plain(column.astype("Int64" if whole else object if inner.kind == "b" else inner), number=number)
    if isinstance(column.dtype, np.dtype):
        return column
    gaps = column.isna().to_numpy()
    kind = "b" if pd.api.types.is_bool_dtype(column) else "i" if pd.api.types.is_integer_dtype(column) else ""
    if pd.api.types.is_float_dtype(column) or (kind == "i" and number and gaps.any()):
        values: Array = column.to_numpy(dtype=float, na_value=np.nan)
    elif kind and not gaps.any():
        values = column.to_numpy(dtype=bool if kind == "b" else _integer(column))
    else:
        values = column.astype(object).to_numpy(copy=True)
        values[gaps] = None
    return pd.Series(values, index=column.index, name=column.name, dtype=values.dtype)  # no guess at texts


def whole(column: pd.Series) -> pd.Series:
    """Floats that are all whole numbers as whole numbers, with None where there is nothing; other columns as they are.

    pandas holds whole numbers with gaps as floats, and spreadsheets hold all numbers so; other libraries don't. A group
    must be called 1, and not 1.0, whatever held it. Texts and dates between such numbers stay; 2.0 beside 2.5 stays too.

    >>> whole(pd.Series([1.0, np.nan])).tolist(), whole(pd.Series([2.0, 2.5])).tolist()
    ([1, None], [2.0, 2.5])
    >>> whole(pd.Series(["A1", 7.0, None], dtype=object)).tolist()
    ['A1', 7, None]
    """
    if column.dtype != object:
        if column.dtype.kind != "f":
            return column
        numbers = column.to_numpy(dtype=float)
        gaps = np.isnan(numbers)
        if not _are_whole(numbers[~gaps]):
            return column
        values: Array = np.where(gaps, 0, numbers).astype(np.int64)
        if gaps.any():
            values = values.astype(object)
            values[gaps] = None
    else:
        values = column.to_numpy(copy=True)
        floats = np.array([isinstance(value, float) and value == value for value in values], dtype=bool)
        if not floats.any() or not _are_whole(values[floats].astype(float)):
            return column
        values[floats] = [int(value) for value in values[floats]]
    return pd.Series(values, index=column.index, name=column.name, dtype=values.dtype)


def _are_whole(numbers: Array) -> bool:
    """True if all are whole numbers that a float holds exactly."""
    return bool((np.abs(numbers) < _EXACT).all() and (numbers == np.floor(numbers)).all())


def _integer(column: pd.Series) -> np.dtype[Any]:
    """The numpy kind behind a nullable or Arrow-backed integer column."""
    kind = getattr(column.dtype, "numpy_dtype", np.dtype(np.int64))
    return kind if kind.kind in "iu" else np.dtype(np.int64)
