"""How do rows become a table? The numbers of one row, the rows below each other, and the reason where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import Adjust, Spread, adjust_p, srs_variance, t_pvalue
from servqual.measures import Basis, Row, What

Array = NDArray[Any]

KIND_OF: Mapping[str, What] = {"dimensions": "dimension", "items": "item", "total": "total"}


def split_columns(by: str | Sequence[str] | None) -> tuple[str, ...]:
    """The split columns, however they were given."""
    if by is None:
        return ()
    return (by,) if isinstance(by, str) else tuple(by)


def table_of(basis: Basis, lines: Sequence[Mapping[str, Array]], what: What, adjust: Adjust) -> pd.DataFrame:
    """The table of one kind of measure: its lines of every group below each other."""
    chosen, names = basis.index(what), [basis.measures[k].id for k in basis.index(what)]
    frame = pd.DataFrame({
        **{by: np.repeat([label[k] for label in basis.labels], len(chosen)) for k, by in enumerate(basis.by)},
        what: names * len(lines),
        **{name: np.concatenate([line[name][chosen] for line in lines]) for name in lines[0]},
    })  # fmt: skip
    if what == "total":  # mean and sum ask the same question: each is corrected for its groups only
        adjusted = frame.groupby("total", sort=False)["p"].transform(lambda p: adjust_p(p.to_numpy(), adjust))
    else:
        adjusted = pd.Series(adjust_p(frame["p"].to_numpy(), adjust))
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjusted)
    return frame


def row_numbers(basis: Basis, row: Row, spread: Spread, lone: bool, level: float) -> dict[str, Array]:
    """The numbers of one group, for all measures."""
    df, gap = spread.df, row.gap
    se = np.where((df > 0) & np.isfinite(gap), spread.se, np.nan)
    low, high = (np.where(np.isfinite(gap), bound, np.nan) for bound in spread.bounds(gap, level))
    n, n_e = row.n_perception, row.n_expectation
    with np.errstate(invalid="ignore", divide="ignore"):
        known = (se > 0) & ~basis.without_reference[row.measures]
        deff = np.where(known, se**2 / srs_variance(basis.moments, row.all_terms), np.nan)
    two_files = {"n_expectation": n_e.astype(int)} if basis.fixed is None and not basis.paired else {}
    return {
        "expectation": row.expectation,
        "perception": row.perception,
        "gap": gap,
        "se": se,
        "low": low,
        "high": high,
        "n": n.astype(int),
        **two_files,
        "df": df,
        "p": t_pvalue(gap, se, df),
        "deff": deff,
        "reason": why_missing(n, n_e, df, se, lone),
    }


def why_missing(n: Array, n_e: Array, df: Array, se: Array, lone: bool) -> Array:
    """(m,) key of the reason why a number is missing, or how it must be read; "" where nothing is to say."""
    with np.errstate(invalid="ignore"):
        flat = se == 0
    rules = [(n + n_e == 0, "nobody"), ((n == 0) | (n_e == 0), "one side"), (((n == 1) | (n_e == 1)) & ~(df > 0), "one answer"),
             (~(df > 0), "no df"), (np.isnan(se) & (n > 0), "empty replicates"), (flat, "no variation")]  # fmt: skip
    return np.select([rule for rule, _ in rules], [name for _, name in rules], "one cluster" if lone else "")
