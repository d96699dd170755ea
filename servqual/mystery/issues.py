"""What was found on a visit: how soon was the store told, and was it put right on the spot?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS, choose_interval
from servqual.moments import NOT_STATED, Cells, Moments, ScoreMap
from servqual.mystery.columns import names_of
from servqual.mystery.tables import ALL
from servqual.mystery.visits import LABELS
from servqual.proportions import SHARE_REASONS
from servqual.shares import MeanLine, share_bounds
from servqual.tabulation import Estimates
from survey_design.errors import DataError, SpecError, check_between, check_columns, raise_faults
from survey_design.files.days import NOT_A_TIME, times_in, zones_in
from survey_design.results import Column, Language, Text, say
from survey_design.sampling import SampleDesign
from survey_design.visits.given import heading_key

Array = NDArray[Any]
TIMES = ("found", "notified", "resolved")
# What the columns are called, first as ours; the store's heading is that of the visits.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "found": ("found", "found at", "发现时间", "问题发现时间"),
    "notified": ("notified", "notified at", "passed on", "通报时间", "告知时间", "通知时间"),
    "resolved": ("resolved", "resolved at", "solved", "解决时间", "整改时间", "整改完成时间"),
}


@dataclass(frozen=True, eq=False, repr=False)
class IssueTimes(Estimates):
    """Issues and what became of them, per group: ``n``; ``notified`` (how many were passed on) and ``hours_to_notify`` (median
    over these); ``resolved, hours_to_resolve, open``; ``on_spot`` (resolved within ``hours``) and its ``share`` of all issues
    with ``se, low, high, df``; ``reason``."""

    hours: float = 2.0

    def title(self) -> str:
        return self.titled({"en": "Issues found on visits", "zh": "检查发现的问题及处理"})

    def columns(self) -> tuple[Column, ...]:
        def count(name: str, en: str, zh: str) -> Column:
            return Column(name, {"en": en, "zh": zh}, "count")

        def hours(name: str, en: str, zh: str) -> Column:
            return Column(name, {"en": en, "zh": zh}, "number", decimals=1)

        return (
            *self.by_columns,
            count("n", "issues", "问题数"),
            count("notified", "passed on", "已通报"),
            hours("hours_to_notify", "median hours to notice", "通报用时中位数（小时）"),
            count("resolved", "resolved", "已解决"),
            hours("hours_to_resolve", "median hours to solution", "解决用时中位数（小时）"),
            count("open", "open", "未解决"),
            count("on_spot", "on the spot", "现场解决"),
            Column("share", {"en": "share on the spot", "zh": "现场解决率"}, "share"),
            *(replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high")),
            *self.reasons(SHARE_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        return ({"en": f"on the spot: resolved within {self.hours:g} hours of being found; Wilson score interval; medians over "
                 "issues that were passed on, or resolved",
                 "zh": f"现场解决：发现后 {self.hours:g} 小时内解决；Wilson 得分区间；中位数仅就已通报、已解决的问题计算"},)  # fmt: skip

    def sentence(self) -> str:
        """The first row in words."""
        row = self.frame.iloc[0]
        share, low, high = (
            f"{100 * row[name]:.0f}%" if np.isfinite(row[name]) else "–" for name in ("share", "low", "high")
        )
        n, percent, median = (
            int(row["n"]),
            f"{100 * self.level:g}%",
            NUMBER_COLUMNS["score"].show(row["hours_to_notify"], "en"),
        )
        if self.language == "zh":
            return (
                f"{n:,} 个问题中 {share} 现场解决（{percent} 置信区间 {low} 至 {high}）；通报用时中位数 {median} 小时。"
            )
        return (
            f"{share} of {n:,} issue{'s' * (n != 1)} were resolved on the spot ({percent} CI {low} to {high}); median time to "
            f"notice {median} hours."
        )


def issue_times(
    log: pd.DataFrame,
    *,
    by: str | None = None,
    hours: float = 2.0,
    level: float = 0.95,
    design: SampleDesign | None = None,
    columns: Mapping[str, str] | None = None,
    language: Language = "en",
) -> IssueTimes:
    """How soon the store was told of what a visit found, and how much was put right on the spot.

    Parameters
    ----------
    log : DataFrame, one row an issue: ``store``, ``found``, ``notified``, ``resolved`` (times; blank where it has not happened).
        Usual Chinese headings (门店, 发现时间, 通报时间, 解决时间) are found
    by : column to split by; a row for each value after that of all issues
    hours : an issue is resolved on the spot if that took no longer
    level : confidence of the intervals
    design : by default stores are clusters
    columns : name in the log -> name here, where a heading is not found

    Raises
    ------
    DataError
        For every issue that says not when it was found, or was notified or resolved before.

    Examples
    --------
    >>> log = pd.DataFrame({"store": ["A", "A", "B", "C"], "found": ["2026-03-05 10:00"] * 4,
    ...     "notified": ["2026-03-05 10:10", "2026-03-05 10:30", None, "2026-03-05 12:00"],
    ...     "resolved": ["2026-03-05 10:30", "2026-03-07 09:00", None, "2026-03-05 11:59"]})
    >>> issue_times(log).frame[["n", "notified", "hours_to_notify", "open", "on_spot", "share"]].iloc[0].tolist()
    [4.0, 3.0, 0.5, 1.0, 2.0, 0.5]
    """  # fmt: skip
    check_between("level", level, 0, 1)
    if not hours > 0:
        raise SpecError(f"hours={hours!r} must be above 0.")
    log = _renamed(log, columns or {})
    check_columns(["store", *TIMES, *([by] if by else [])], log.columns, "the issues")
    times = _times(log)
    chosen = design or SampleDesign(clusters="store")
    took = {name: (times[name] - times["found"]).dt.total_seconds() / 3600 for name in TIMES[1:]}
    frame = log.assign(**{f"hours {name}": value for name, value in took.items()})
    frame["spot"] = (took["resolved"] <= hours).astype(float)
    parts = [_issue_rows(frame, None, chosen, level)]
    shown: tuple[Column, ...] = ()
    if by:
        parts[0].insert(0, by, ALL)
        parts.append(_issue_rows(frame, by, chosen, level))
        shown = (Column(by, LABELS.get(by, {"en": by}), "text", {ALL: {"en": "all issues", "zh": "全部问题"}}),)
    return IssueTimes(
        pd.concat(parts, ignore_index=True), language, by=(by,) if by else (), by_columns=shown, level=level,
        interval=choose_interval(chosen, None), hours=hours,
    )  # fmt: skip


def _renamed(log: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The log under our names: as told, else by the usual headings."""
    check_columns(columns, log.columns, "the issues")
    names = names_of(log, columns, None, ("store",))
    for ours, headings in HEADINGS.items():
        keys = {heading_key(heading) for heading in headings}
        hit = next((name for name in log.columns if name not in names and heading_key(name) in keys), None)
        if hit is not None and ours not in {*names.values(), *log.columns}:
            names[hit] = ours
    return log.rename(columns=names)


def _times(log: pd.DataFrame) -> Mapping[str, pd.Series]:
    """The three times; refused where they cannot be."""
    times = {name: times_in(log[name]) for name in TIMES}
    if len(zones := set().union(*(zones_in(log[name]) for name in TIMES))) > 1:
        raise DataError(f"the issues: times of {len(zones)} time zones ({', '.join(sorted(zones))}). Write all in one.")
    wrong: list[dict[str, Any]] = []
    for name, column in times.items():
        unread = column.isna() & log[name].notna() & log[name].astype(str).str.strip().ne("")
        early = column.notna() & times["found"].notna() & (column < times["found"])
        absent = column.isna() & ~unread if name == "found" else pd.Series(False, index=column.index)
        for where, problem in ((unread, say(NOT_A_TIME, "en")), (absent, "missing"), (early, "before it was found")):
            wrong += [{"store": log["store"].iloc[k], "row": log.index[int(k)], "column": name, "value": log[name].iloc[k],
                       "problem": problem} for k in np.flatnonzero(where)]  # fmt: skip
    raise_faults(wrong, "the issues")
    return times


def _issue_rows(frame: pd.DataFrame, by: str | None, design: SampleDesign, level: float) -> pd.DataFrame:
    """A row of all issues, or one for each value."""
    split = (by,) if by else ()
    stated = {name: frame[name].astype(object).where(frame[name].notna(), NOT_STATED) for name in split}
    named = frame.assign(**stated)
    moments = Moments.from_cells(frame[["spot"]], ScoreMap.plain(["spot"]), Cells.of(named, design, split), None)
    rows = []
    for label in moments.domains:
        line = MeanLine.of(moments, label, choose_interval(design, None))
        low, high = share_bounds(line, "wilson", level)
        own = named if by is None else named[named[by] == label[0]]
        lost = str(line.missing()[0])
        told, solved = own["hours notified"], own["hours resolved"]
        rows.append({
            **dict(zip(split, label, strict=True)), "n": len(own), "notified": int(told.notna().sum()),
            "hours_to_notify": float(told.median()), "resolved": int(solved.notna().sum()),
            "hours_to_resolve": float(solved.median()), "open": int(solved.isna().sum()), "on_spot": int(line.total[0]),
            "share": float(line.mean[0]), "se": float(line.se[0]), "low": float(low[0]), "high": float(high[0]),
            "df": float(line.df[0]), "reason": lost or ("one cluster" if line.lone else ""),
        })  # fmt: skip
    return pd.DataFrame(rows)
