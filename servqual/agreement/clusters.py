"""Units that come in clusters, such as the items of one double visit: errors from leaving out whole clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.agreement.coefficients import (
    agreement_weights,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    intraclass_correlations,
    kendall_w,
    krippendorff_alpha,
)
from servqual.agreement.ratings import Ratings
from servqual.inference import t_interval, t_pvalue
from survey_design.errors import DataError, SpecError, check_columns

Array = NDArray[Any]
Key = tuple[str, str]


def clusters_of(ratings: pd.DataFrame, units: str | None, clusters: str, read: Ratings) -> Array:
    """(units,) number of the cluster that each unit lies in.

    Raises
    ------
    SpecError
        If units have no names.
    DataError
        If a unit lies in several clusters or in none, or there is one cluster only.
    """
    if units is None:
        raise SpecError("clusters= needs units=, the column that names the unit.")
    check_columns([clusters], ratings.columns, "the table of ratings")
    grouped = ratings.groupby(units, sort=False)[clusters]
    place, several = grouped.first(), grouped.nunique(dropna=False) != 1
    wrong = place[several | place.isna()].rename_axis(units).reset_index()
    if len(wrong):
        named = ", ".join(map(str, wrong[units].head(5)))
        raise DataError(
            f"{len(wrong)} units lie in no {clusters} or in several, such as {named}. Each must lie in one.", wrong
        )
    codes, names = pd.factorize(place.reindex(list(read.units)))
    if len(names) < 2:
        raise DataError(
            f"there is one {clusters} only: how far others would differ cannot be seen. Leave clusters= out."
        )
    return np.asarray(codes)


def with_clusters(rows: list[dict[str, Any]], read: Ratings, cluster: Array, level: float) -> list[dict[str, Any]]:
    """Rows whose errors come from leaving out one cluster after the other; nothing keeps an error by units.

    Notes
    -----
    Jackknife: ``se² = (G − 1)/G Σ_g (θ_g − mean)²`` with θ_g the coefficient without cluster g, t with G − 1 degrees of
    freedom. Where every unit is its own cluster it is, to first order, the error by units.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, Chapman & Hall, doi:10.1201/9780429246593, ch. 11.
    """
    g = int(cluster.max()) + 1
    left = [dict(_values(_without(read, cluster == k))) for k in range(g)]
    return [
        _again(row, [each.get((row["coefficient"], row["category"]), np.nan) for each in left], level) for row in rows
    ]


def _without(read: Ratings, gone: Array) -> Ratings:
    kept = np.flatnonzero(~gone)
    return replace(read, units=tuple(read.units[k] for k in kept), codes=read.codes[kept])


def _again(row: Mapping[str, Any], left: list[float], level: float) -> dict[str, Any]:
    values, g = np.array(left, dtype=float), len(left)
    if not np.isfinite(row["value"]):
        return dict(row)
    none = dict.fromkeys(("se", "low", "high", "se_null", "p"), np.nan)
    if not np.isfinite(values).all():
        return {**row, **none, "method": "", "reason": "one cluster"}
    se = float(np.sqrt((g - 1) / g * ((values - values.mean()) ** 2).sum()))
    if se < 1e-12:
        return {**row, **none, "se": se, "method": "", "reason": "no variance"}
    value, error, df = np.array(row["value"]), np.array(se), np.array(g - 1.0)
    low, high = t_interval(value, error, df, level)
    p = np.nan if row["coefficient"] in ("agreement", "kendall_w") else float(t_pvalue(value, error, df))
    ends = {"low": float(low), "high": min(float(high), 1.0)}
    return {**row, **none, "se": se, **ends, "p": p, "method": "clusters", "reason": ""}


def icc_names(read: Ratings) -> list[str]:
    """The intraclass correlations that the design allows: with raters unknown by name, the first form only."""
    return [f"icc{form}_{of}" for of in "1k" for form in ("123" if read.named else "1")]


def _values(read: Ratings) -> Iterator[tuple[Key, float]]:
    """Every coefficient that has no assumption of its own about how units were drawn."""
    counts, k = read.counts, len(read.categories)
    m = counts.sum(axis=1)
    yield ("agreement", ""), float(((counts * (counts - 1)).sum(axis=1) / (m * (m - 1))).mean())
    if len(read.raters) == 2:
        table = np.bincount(read.codes[:, 0] * k + read.codes[:, 1], minlength=k * k).reshape(k, k).astype(float)
        for name, power in (("cohen", 0), ("cohen_linear", 1), ("cohen_quadratic", 2)):
            yield (name, ""), cohen_kappa(table, agreement_weights(read.values, power)).value
    else:
        yield ("fleiss", ""), fleiss_kappa(counts).value
        for j, category in enumerate(read.categories):
            two = np.column_stack([counts[:, j], m - counts[:, j]])
            yield ("fleiss_category", str(category)), fleiss_kappa(two).value
    yield ("ac1", ""), gwet_ac(counts).value
    yield ("ac2", ""), gwet_ac(counts, agreement_weights(read.values, 1 if read.scale == "ordinal" else 2)).value
    yield ("alpha", ""), krippendorff_alpha(counts, read.values, read.scale)[0]
    scores = read.scores[read.complete] if read.scale != "nominal" else np.empty((0, 0))
    if len(scores) < 2:
        return
    if read.scale in ("interval", "ratio"):
        found = intraclass_correlations(scores)
        yield from (((name, ""), found[name].value) for name in icc_names(read))
    yield ("kendall_w", ""), kendall_w(scores)[0]
