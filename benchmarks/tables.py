"""Gap tables of a million respondents against what people write today: pandas with pingouin, Polars, DuckDB."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import pingouin
import polars as pl

from benchmarks.studies import DESIGN, RESPONDENTS, answers, columns, instrument
from benchmarks.timing import in_turn, line
from servqual import Bootstrap, Responses, score_gaps

E, P = columns("expectation"), columns("perception")
DIMENSIONS = {
    d.id: [k for k, item in enumerate(instrument().items) if item.dimension == d.id] for d in instrument().dimensions
}


def by_pandas_and_pingouin(frame: pd.DataFrame) -> dict[tuple[int, str], float]:
    """Per tier: a paired t of every item and dimension, alpha of every dimension; no clusters, no replicates."""
    gaps = {}
    for tier, part in frame.groupby("tier", sort=False):
        for e, p in zip(E, P, strict=True):
            pingouin.ttest(part[p], part[e], paired=True)
            gaps[int(tier), p] = part[p].mean() - part[e].mean()
        for name, members in DIMENSIONS.items():
            perceived = part[[P[k] for k in members]]
            expected = part[[E[k] for k in members]]
            p, e = perceived.mean(axis=1), expected.mean(axis=1)
            pingouin.ttest(p, e, paired=True)
            pingouin.cronbach_alpha(perceived)
            pingouin.cronbach_alpha(expected)
            gaps[int(tier), name] = p.mean() - e.mean()
    return gaps


def with_replicates() -> str:
    """The full table by tier with cluster-robust intervals, then 2,000 bootstrap replicates of all of it."""
    frame = answers(RESPONDENTS, 1)
    responses = Responses(frame, instrument(), DESIGN)

    def ours() -> object:
        return score_gaps(responses, by="tier").with_interval(Bootstrap(2000, seed=1))

    scores, theirs = ours(), by_pandas_and_pingouin(frame)
    table = scores.to_frame()
    worst = max(abs(row["gap"] - theirs[row["tier"], row["dimension"]]) for _, row in table.iterrows())
    name = f"gap table by tier, cluster-robust + 2,000 replicates, {RESPONDENTS:,} respondents / pandas + pingouin paired t and alpha"
    return line(name, *in_turn(ours, lambda: by_pandas_and_pingouin(frame), 5), "< 1x") + f"; gaps agree to {worst:.0e}"


def _expressions() -> dict[str, tuple[list[str], list[str]]]:
    """Every measure: its expectation and its perception columns."""
    items = {p: ([e], [p]) for e, p in zip(E, P, strict=True)}
    return items | {name: ([E[k] for k in members], [P[k] for k in members]) for name, members in DIMENSIONS.items()}


def polars_query(frame: pl.DataFrame) -> Callable[[], pl.DataFrame]:
    """Means and SDs of expectation, perception and gap of every item and dimension."""
    wanted = []
    for name, (expected, perceived) in _expressions().items():
        e = sum((pl.col(c).cast(pl.Float32) for c in expected[1:]), pl.col(expected[0]).cast(pl.Float32)) / len(
            expected
        )
        p = sum((pl.col(c).cast(pl.Float32) for c in perceived[1:]), pl.col(perceived[0]).cast(pl.Float32)) / len(
            perceived
        )
        for tag, value in (("e", e), ("p", p), ("gap", p - e)):
            wanted += [value.mean().alias(f"{name} {tag} mean"), value.std().alias(f"{name} {tag} sd")]
    return lambda: frame.lazy().select(wanted).collect()


def duckdb_query(frame: pl.DataFrame) -> Callable[[], object]:
    """The same in SQL, on a table inside DuckDB."""
    connection = duckdb.connect()
    connection.register("arrow", frame.to_arrow())
    connection.execute("create table answers as select * from arrow")
    wanted = []
    for name, (expected, perceived) in _expressions().items():
        e, p = (f"({' + '.join(group)}) / {len(group)}.0::float" for group in (expected, perceived))
        for tag, value in (("e", e), ("p", p), ("gap", f"{p} - {e}")):
            wanted += [f'avg({value}) as "{name} {tag} mean"', f'stddev_samp({value}) as "{name} {tag} sd"']
    query = f"select {', '.join(wanted)} from answers"
    return lambda: connection.execute(query).fetchall()


def plain() -> str:
    """The plain gap table, with its errors, alphas and signed ranks, against one query for means and SDs."""
    frame = answers(RESPONDENTS, 2)
    responses = Responses(frame, instrument())
    table = pl.from_pandas(frame)
    lines = []
    query = polars_query(table)
    scores, reference = score_gaps(responses).to_frame(), query().row(0, named=True)
    worst = max(
        abs(row["gap"] - reference[f"{row['dimension']} gap mean"])
        for _, row in scores.iterrows()
        if row["dimension"] in DIMENSIONS
    )
    for name, work in (("Polars", query), ("DuckDB", duckdb_query(table))):
        times = in_turn(lambda: score_gaps(responses), work, 9)
        lines.append(
            line(f"gap table of {RESPONDENTS:,} respondents / one {name} query for means and SDs", *times, "<= 2x")
        )
    return "\n".join(lines) + f"; gaps agree to {worst:.0e} (Polars in float32)"


def same_as_numpy() -> str:
    """Gaps of items against plain numpy means, so that what is timed is also right."""
    frame = answers(RESPONDENTS, 1)
    ours = score_gaps(Responses(frame, instrument(), DESIGN)).to_frame("items")["gap"].to_numpy()
    theirs = frame[P].to_numpy().mean(axis=0) - frame[E].to_numpy().mean(axis=0)
    return f"gaps of 22 items against numpy means: largest difference {np.abs(ours - theirs).max():.0e}"
