"""From scores and ratings as they were given to the stores that both sides know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.index_weights.fitted import ALL, Part
from servqual.index_weights.simplex import Array
from servqual.index_weights.stores import StoreIndicators
from servqual.store_agreement import check_percent, match_stores, rated_stores, unmatched_remark
from servqual.stores import group_of_stores
from survey_design.errors import DataError, SpecError, check_columns
from survey_design.results import Column, Language, Text

if TYPE_CHECKING:
    from servqual.mystery.checklist import Checklist
    from servqual.mystery.scores import VisitScores
    from servqual.responses import Responses

_COVERED = 0.5  # share of the start weights that must have been scored in a store
FEWEST = 5  # stores, below which nothing is fitted


@dataclass(frozen=True, eq=False)
class Asked:
    """Stores that both sides know, their group, and what the result is to say of them."""

    stores: StoreIndicators
    group: tuple[Any, ...]
    unmatched: pd.DataFrame
    words: Mapping[str, Text]
    by_columns: tuple[Column, ...]
    language: Language
    visits: float
    remarks: tuple[Text, ...]
    cautious: bool
    within: pd.DataFrame | None


@dataclass(frozen=True, eq=False)
class GivenScores:
    """Scores as they were given: a row per store or visit, and what their checklist says of them.

    Attributes
    ----------
    own : (k,) start weights where none are given
    within : indicators by category (k, indicators), where categories are weighted
    """

    frame: pd.DataFrame
    names: list[str]
    own: Array
    words: Mapping[str, Text]
    by_columns: tuple[Column, ...]
    remarks: tuple[Text, ...]
    language: Language
    within: pd.DataFrame | None


def read_stores(
    given: GivenScores,
    start: Array,
    ratings: Responses | pd.DataFrame,
    by: str | None,
    store: str,
    question: str,
    error: Any,
) -> Asked:
    rated = rated_stores(ratings, question=question, store=store)
    stores, visits = _of_stores(given.frame, given.names, store, _given(error, given.names))
    unseen = np.isfinite(stores.x) @ start < _COVERED
    order = sorted(
        np.flatnonzero(~unseen), key=lambda k: str(stores.names[k])
    )  # random numbers go to stores by their names
    some = stores.rows(np.array(order, dtype=int))
    here, there, alone = match_stores(some.names, list(rated["store"]), ("the scores", "the ratings"))
    lost = [
        (name, "less than half of the weight was scored")
        for name, gone in zip(stores.names, unseen, strict=True)
        if gone
    ]
    alone = alone[~alone["store"].astype(str).isin([str(name) for name, _ in lost])]
    unmatched = pd.concat([alone, pd.DataFrame(lost, columns=["store", "problem"])], ignore_index=True)
    if len(here) < FEWEST:
        raise DataError(
            f"{len(here)} stores have both scores and ratings; a fit needs {FEWEST}. Are they named alike?", unmatched
        )
    both = replace(some.rows(here), y=rated["rating"].to_numpy()[there], n=rated["n"].to_numpy(float)[there])
    group: tuple[Any, ...] = (ALL,) * len(here)
    if by is not None:
        group = tuple(group_of_stores(given.frame, store, by, list(both.names), "the scores"))
    remarks = (*given.remarks, *unmatched_remark(unmatched), *_gap_remark(both))
    cautious = not isinstance(ratings, pd.DataFrame) and ratings.design.selection != "probability"
    return Asked(
        both.filled(start),
        group,
        unmatched,
        given.words,
        given.by_columns,
        given.language,
        visits,
        remarks,
        cautious,
        given.within,
    )


def _gap_remark(stores: StoreIndicators) -> tuple[Text, ...]:
    """That some indicators never applied in some stores; empty where all did."""
    gone = int(np.isnan(stores.x).any(axis=1).sum())
    if not gone:
        return ()
    return ({"en": f"in {gone} {'store' if gone == 1 else 'stores'} some never applied: they stand at the store's score over the others, "
                   "which is what re-basing makes of them",
             "zh": f"有 {gone} 家门店的部分指标从未适用，以该店其余指标的得分代替（与权重重新分配一致）"},)  # fmt: skip


def scores_of(scores: VisitScores | pd.DataFrame, by: str | None, store: str, part: Part) -> GivenScores:
    """Scores from visits or from a frame."""
    if isinstance(scores, pd.DataFrame):
        frame, names = _rows_of_frame(scores, by, store)
        column = () if by is None else (Column(by, {"en": by}),)
        return GivenScores(frame, names, np.full(len(names), 1 / len(names)), {}, column, (), "en", None)
    checklist, shown = scores.checklist, getattr(scores.points, scores.of)
    check_columns([name for name in (store, by) if name], scores.visits.frame.columns, "the table of visits")
    weights = checklist.indicator_weights if part == "indicator" else checklist.category_weights
    parts = checklist.indicators if part == "indicator" else checklist.categories
    counted = np.flatnonzero((weights > 0) & [not getattr(each, "module", "") for each in parts])
    names = [parts[k].id for k in counted]
    table = pd.DataFrame(getattr(shown, part)[:, counted], columns=names)
    about = scores.visits.frame[[name for name in (store, by) if name]].reset_index(drop=True)
    column = () if by is None else (scores.visits.column_of(by),)
    return GivenScores(pd.concat([about, table], axis=1), names, weights[counted] / weights[counted].sum(), checklist.words(), column,
                   scores.remarks, scores.language, None if part == "indicator" else _within(checklist, names))  # fmt: skip


def _within(checklist: Checklist, categories: Sequence[str]) -> pd.DataFrame:
    """Weights of the indicators within each category, a row per category."""
    chosen = [each for each in checklist.indicators if each.category in set(categories)]
    share = dict(zip([each.id for each in checklist.indicators], checklist.weights_within, strict=True))
    rows = [[share[each.id] if each.category == name else 0.0 for each in chosen] for name in categories]
    return pd.DataFrame(rows, index=list(categories), columns=[each.id for each in chosen])


def _rows_of_frame(scores: pd.DataFrame, by: str | None, store: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame with its store as a column, and the names of its indicators: all other columns."""
    told = scores if store in scores.columns else scores.rename_axis(store).reset_index()
    check_columns([by] if by else [], told.columns, "the scores")
    names = [str(name) for name in told.columns if name not in {store, by, "visits"}]
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(told[name])]
    if texts or not names:
        raise SpecError(f"the scores need a column of numbers per indicator; these are none: {', '.join(texts) or '(no column)'}. "
                        "Leave out columns that are no indicators.")  # fmt: skip
    values = told[names].to_numpy(float)
    bad = np.argwhere((values < 0) | (values > 100))
    if len(bad):
        cases = pd.DataFrame([{"store": told[store].iloc[i], "row": i + 2, "column": names[j], "value": values[i, j],
                               "problem": "outside 0 to 100"} for i, j in bad])  # fmt: skip
        raise DataError(
            f"the scores: {len(bad)} outside 0 to 100, first {names[bad[0][1]]} of {told[store].iloc[bad[0][0]]!r}.",
            cases,
        )
    check_percent(values.ravel(), "the scores")
    return told, names


def _given(error: Any, indicators: Sequence[str]) -> Array | None:
    """The covariance of one visit's scores as it was given; None where it is to be learned or left out."""
    if isinstance(error, str):
        if error not in ("auto", "none"):
            raise SpecError(
                f"error={error!r} is not known. Give 'auto', 'none', or the covariance of one visit's scores."
            )
        return None
    if isinstance(error, pd.DataFrame):
        check_columns(indicators, error.columns, "error=")
        error = error.loc[list(indicators), list(indicators)]
    given, k = np.asarray(error, dtype=float), len(indicators)
    if (
        given.shape != (k, k)
        or not np.allclose(given, given.T)
        or np.linalg.eigvalsh(given)[0] < -1e-8 * max(1.0, np.abs(given).max())
    ):
        raise SpecError(
            f"error= must be a covariance matrix of the {k} indicators ({', '.join(indicators)}): symmetric, no negative variance."
        )
    return given


def _of_stores(
    frame: pd.DataFrame, indicators: list[str], store: str, given: Array | None
) -> tuple[StoreIndicators, float]:
    """Means of the stores, and what their visits say of the error; and the median of visits per store."""
    values = frame[indicators].to_numpy(float)
    never = [name for name, column in zip(indicators, values.T, strict=True) if np.isnan(column).all()]
    if never:
        raise DataError(f"never scored: {', '.join(never)}. Leave these indicators out.")
    code, names = pd.factorize(frame[store], sort=False)
    repeated = len(names) < len(frame)
    told = frame["visits"].to_numpy(float) if "visits" in frame and not repeated else None
    seen = np.isfinite(values).astype(float)
    origin = np.nanmean(values, axis=0)
    filled = np.where(seen > 0, values - origin, 0.0)
    s, k = len(names), len(indicators)
    products, sums, pairs = np.zeros((s, k, k)), np.zeros((s, k, k)), np.zeros((s, k, k))
    for i in range(len(filled)):  # a store's visits in turn: pairs of indicators that the same visit scored
        products[code[i]] += np.outer(filled[i], filled[i])
        sums[code[i]] += np.outer(filled[i], seen[i])
        pairs[code[i]] += np.outer(seen[i], seen[i])
    count = np.diagonal(pairs, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.diagonal(sums, axis1=1, axis2=2) / count + origin
        ratio = pairs / (count[:, :, None] * count[:, None, :])
        squares = np.where(pairs > 0, products - sums * sums.transpose(0, 2, 1) / pairs, 0.0)
    if told is not None:
        if not (told > 0).all():
            raise DataError("the scores: 'visits' must be above 0 for every store.")
        ratio = np.broadcast_to(1 / told[:, None, None], (s, k, k))
    nothing = np.zeros(s)
    stores = StoreIndicators(tuple(names), tuple(indicators), x, nothing, nothing + 1, np.nan_to_num(ratio), squares,
                             np.maximum(pairs - 1, 0), given)  # fmt: skip
    visits = told if told is not None else np.bincount(code)
    return stores, float(np.median(visits)) if repeated or told is not None or given is not None else np.nan
