"""What is a store like when its weights are set? Early or mature by its history, busy or quiet by its traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survey_design.errors import SpecError, check_columns, raise_faults
from survey_design.files.days import NOT_A_DAY, days_in
from survey_design.results import Column, Language, Result, Text, say

PHASES: Mapping[str, Text] = {
    "early": {"en": "early", "zh": "初期"},
    "mature": {"en": "mature", "zh": "明显改进以后"},
}
BANDS: Mapping[str, Text] = {
    "low": {"en": "low", "zh": "小"},
    "middle": {"en": "middle", "zh": "中"},
    "high": {"en": "high", "zh": "大"},
}


def traffic_bands(traffic: npt.ArrayLike, *, low: float | None = None, high: float | None = None) -> list[str | None]:
    """Which stores have little and which have much traffic: below the lower tercile of the chain, above the upper one.

    Parameters
    ----------
    traffic : one number per store; where it is missing the band is None
    low, high : thresholds to use instead: "low" lies below ``low``, "high" above ``high``

    Examples
    --------
    >>> traffic_bands([100, 200, 300, 400, 500, 600])
    ['low', 'low', 'middle', 'middle', 'high', 'high']
    >>> traffic_bands([100, 200, 900], low=150, high=800)
    ['low', 'middle', 'high']
    """
    numbers = np.asarray(traffic, dtype=float)
    known = numbers[np.isfinite(numbers)]
    if not known.size and (low is None or high is None):
        return [None] * numbers.size
    lower = float(np.quantile(known, 1 / 3)) if low is None else low
    upper = float(np.quantile(known, 2 / 3)) if high is None else high
    if upper < lower:
        raise SpecError(f"high={upper:g} lies below low={lower:g}. Exchange them.")
    bands = np.select([~np.isfinite(numbers), numbers < lower, numbers > upper], ["", "low", "high"], "middle")
    return [str(band) or None for band in bands]


@dataclass(frozen=True, eq=False, repr=False)
class StorePhases(Result):
    """Whether a store's basics have clearly improved. Frame columns: ``store, visits, mean, phase, reason``."""

    threshold: float = 85.0
    visits: int = 2
    n_dropped: int = 0

    def title(self) -> str:
        return "各店所处阶段" if self.language == "zh" else "Phase of each store"

    def columns(self) -> tuple[Column, ...]:
        reasons: Mapping[str, Text] = {
            "": {"en": "", "zh": ""},
            "too few visits": {"en": "too few visits", "zh": "检查次数不足"},
        }
        return (
            Column("store", {"en": "store", "zh": "门店"}),
            Column("visits", {"en": "visits", "zh": "检查次数"}, "count"),
            Column("mean", {"en": "mean of the last visits", "zh": "最近几次平均分"}, "number", decimals=1),
            Column("phase", {"en": "phase", "zh": "阶段"}, "text", PHASES),
            Column("reason", {"en": "remark", "zh": "说明"}, "text", reasons),
        )

    def note(self) -> str:
        n = self.n_dropped
        if self.language == "zh":
            lost = f"{n} 次检查没有得分，未计入。" if n else ""
            return (
                f"最近 {self.visits} 次检查的平均分不低于 {self.threshold:g} 分为“明显改进以后”，否则为“初期”。{lost}"
            )
        last = "the last visit scores" if self.visits == 1 else f"the mean of the last {self.visits} visits is"
        lost = f" {n} {'visit' if n == 1 else 'visits'} without a score left out." if n else ""
        return f"Mature where {last} {self.threshold:g} or more, early otherwise.{lost}"

    def phases(self) -> dict[Any, str]:
        """Store -> phase, as :func:`weigh_checklist` takes it."""
        return dict(zip(self.frame["store"], self.frame["phase"], strict=True))


def phase_of(
    scores: pd.DataFrame,
    *,
    threshold: float = 85.0,
    visits: int = 2,
    store: str = "store",
    day: str = "date",
    score: str = "score",
    before: date | str | None = None,
    language: Language = "en",
) -> StorePhases:
    """Early or mature: has a store's score stayed at the threshold over its last visits?

    Parameters
    ----------
    scores : a row per visit with its store, its day and the score (0 to 100) of what the early phase is about: service
        norms, environment and on-site management, or their category. Only read
    threshold : the mean from which a store counts as clearly improved (85 is this project's default; the study plan names none)
    visits : how many of the last visits are averaged; a store with fewer is in the early phase
    store, day, score : columns
    before : only visits before this day count, so that weights of a wave depend on earlier waves alone

    Returns
    -------
    StorePhases

    Examples
    --------
    >>> history = pd.DataFrame(
    ...     {
    ...         "store": ["A", "A", "A", "B", "B", "C"],
    ...         "date": ["2026-01-05", "2026-02-03", "2026-03-04"] * 2,
    ...         "score": [60, 84, 86, 90, 79, 99],
    ...     }
    ... )
    >>> phase_of(history).phases()
    {'A': 'mature', 'B': 'early', 'C': 'early'}
    """
    if not isinstance(visits, int) or isinstance(visits, bool) or visits < 1:
        raise SpecError(f"visits={visits!r} must be a whole number from 1.")
    check_columns([store, day, score], scores.columns, "scores")
    when = days_in(scores[day])
    value = pd.to_numeric(scores[score], errors="coerce")
    _refuse_history(scores, {store: scores[store].isna(), day: when.isna(),
                             score: (value.isna() & scores[score].notna()) | ~value.dropna().round(9).between(0, 100).reindex(
                                 value.index, fill_value=True)})  # fmt: skip
    table = pd.DataFrame({"store": scores[store], "when": when, "score": value})
    if before is not None:
        end = days_in([before]).iloc[0]
        if pd.isna(end):
            raise SpecError(f"before={before!r} is {say(NOT_A_DAY, 'en')}.")
        table = table[table["when"] < end]
    kept = table.dropna(subset=["score"]).sort_values("when", kind="stable")
    last = kept.groupby("store", sort=False)["score"].agg(
        visits="size", mean=lambda column: column.iloc[-visits:].mean()
    )
    frame = last.reindex(pd.unique(scores[store])).rename_axis("store").reset_index()
    frame["visits"] = frame["visits"].fillna(0).astype(int)
    few = frame["visits"] < visits
    frame["phase"] = np.where(~few & (frame["mean"] >= threshold), "mature", "early")
    frame["reason"] = np.where(few, "too few visits", "")
    return StorePhases(frame, language, threshold=threshold, visits=visits, n_dropped=len(table) - len(kept))


def _refuse_history(scores: pd.DataFrame, wrong: Mapping[str, pd.Series]) -> None:
    words = ("it names no store", say(NOT_A_DAY, "en"), "it is no score from 0 to 100")
    raise_faults(
        [
            {
                "row of": f"row {place + 2}",
                "row": place + 2,
                "column": name,
                "value": scores[name].iloc[place],
                "problem": what,
            }
            for (name, mask), what in zip(wrong.items(), words, strict=True)
            for place in np.flatnonzero(mask.to_numpy())
        ],
        "the scores",
    )
