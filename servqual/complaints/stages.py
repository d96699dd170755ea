"""Does each department keep its time limit? Stages from receipt to solution; what is still open counts for as long as it was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.complaints.register import NOT_STATED, Complaints
from servqual.complaints.shares import base_remarks
from servqual.complaints.survival import Durations, happened_by, median_time
from servqual.inference import NUMBER_COLUMNS, Taylor
from servqual.tabulation import IntervalTable
from survey_design.errors import SpecError, check_between
from survey_design.results import Column, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Stage = Literal["dispatch", "solve", "whole"]
Limits = Mapping[str, float | Mapping[str, float]]

ALL = "(all)"
STAGES: Mapping[str, Text] = {
    "dispatch": {"en": "received → dispatched", "zh": "受理 → 派单"},
    "solve": {"en": "dispatched → solved", "zh": "派单 → 解决"},
    "whole": {"en": "received → solved", "zh": "受理 → 解决"},
}
_ENDS = {"dispatch": ("received", "dispatched"), "solve": ("dispatched", "solved"), "whole": ("received", "solved")}
_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "nobody": {"en": "no complaints", "zh": "无投诉"},
    "not recorded": {"en": "the register has no such times", "zh": "登记中无此类时间"},
    "no limit": {"en": "no limit given", "zh": "未设时限"},
    "too short": {"en": "nothing was seen for as long as the limit", "zh": "观察时间短于时限"},
    "one": {"en": "one complaint: no error can be computed", "zh": "仅一件投诉，无法计算误差"},
    "one cluster": {"en": "one store: complaints taken as independent", "zh": "仅一家门店：视投诉相互独立"},
}


@dataclass(frozen=True, eq=False, repr=False)
class StageLimits(IntervalTable):
    """Time limits by department and stage. Frame columns: ``department`` ("(all)": every complaint against its own limit), ``stage``,
    ``limit`` (hours), ``n`` (complaints that came to this stage), ``n_dropped`` (times that can't be used), ``reached, open``, ``late``
    (took longer, or has been open for longer, than the limit), ``waiting`` (open, but within the limit), ``on_time`` with
    ``se, low, high, df``, ``median, median_low, median_high`` (hours), ``reason``.

    Attributes
    ----------
    complaints : what was timed
    limits : department -> stage -> hours
    """

    complaints: Complaints = None  # type: ignore[assignment]
    limits: Mapping[str, Mapping[str, float]] = None  # type: ignore[assignment]

    def title(self) -> str:
        return "各部门各环节时限" if self.language == "zh" else "Time limits by department"

    def _department(self) -> Column:
        column = self.complaints.column_of("department")
        return replace(column, words={**column.words, ALL: {"en": "all", "zh": "全部"}})

    def columns(self) -> tuple[Column, ...]:
        def count(name: str, en: str, zh: str) -> Column:
            return Column(name, {"en": en, "zh": zh}, "count")

        def hours(name: str, en: str, zh: str) -> Column:
            return Column(name, {"en": en, "zh": zh}, "number", decimals=1)

        return (
            self._department(),
            Column("stage", {"en": "stage", "zh": "环节"}, "text", STAGES),
            hours("limit", "limit, hours", "时限（小时）"),
            count("n", "complaints", "投诉数"),
            count("open", "open", "未完成"),
            count("late", "late", "超时"),
            Column("on_time", {"en": "on time", "zh": "按时率"}, "share"),
            *(replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high")),
            hours("median", "median, hours", "用时中位数（小时）"),
            hours("median_low", "its low", "中位数下限"),
            hours("median_high", "its high", "中位数上限"),
            *self.reasons(_REASONS),
        )

    @property
    def method(self) -> str:
        if self.language == "zh":
            return "按时率为 Kaplan–Meier 估计，未完成者计入其已等待时间；误差以门店为群，Wilson 区间；中位数区间按 Brookmeyer–Crowley"
        return (
            "on time by Kaplan and Meier, what is open counted for as long as it was seen; errors between stores, Wilson bounds; "
            "medians after Brookmeyer and Crowley"
        )

    def about(self) -> tuple[Text, ...]:
        return (self.complaints.ending(),)

    def row(self, department: str, stage: Stage) -> pd.Series:
        """The numbers of one department and stage."""
        hit = self.frame[(self.frame["department"] == department) & (self.frame["stage"] == stage)]
        if hit.empty:
            known = ", ".join(dict.fromkeys(map(str, self.frame["department"])))
            raise SpecError(f"there is no row '{department}', stage '{stage}'. Departments: {known}.")
        return hit.iloc[0]

    def sentence(self, department: str | None = None, stage: Stage | None = None) -> str:
        """One row in words; without a name the one that keeps its limit least."""
        if department is None:
            known = self.frame[np.isfinite(self.frame["on_time"]) & (self.frame["department"] != ALL)]
            if known.empty:
                return self._nothing()
            row = known.loc[known["on_time"].idxmin()]
        else:
            row = self.row(department, stage or "solve")
        return self._words(row)

    def _nothing(self) -> str:
        """Why no limit can be judged, department by department that has one."""
        limited = self.frame[np.isfinite(self.frame["limit"]) & (self.frame["department"] != ALL)]
        column, zh = self._department(), self.language == "zh"
        why = [f"{column.show(row['department'], self.language)}{'：' if zh else ': '}{say(_REASONS[row['reason']], self.language)}"
               for row in limited.to_dict("records") if row["reason"]]  # fmt: skip
        if zh:
            return f"无法计算按时率（{'；'.join(dict.fromkeys(why)) or '未设时限'}）。"
        return f"No limit can be judged ({'; '.join(dict.fromkeys(why)) or 'none was set'})."

    def _words(self, row: pd.Series) -> str:
        zh = self.language == "zh"
        name, step = self._department().show(row["department"], self.language), say(STAGES[row["stage"]], self.language)
        place = f"{name}，{step}" if zh else f"{name}, {step}"
        if not np.isfinite(row["on_time"]):
            return self.nothing(place, "share on time", say(_REASONS[row["reason"]], self.language))
        share, low, high = (
            f"{100 * row[part]:.0f}%" if np.isfinite(row[part]) else "–" for part in ("on_time", "low", "high")
        )
        n, open_now, level = int(row["n"]), int(row["open"]), f"{100 * self.level:g}%"
        within = "" if row["department"] == ALL else f" {row['limit']:g} "
        if zh:
            limit = f"在{within}小时内完成" if within else "在各自时限内完成"
            return f"{place}：{n:,} 件中 {share} {limit}（{level} 置信区间 {low} 至 {high}；{open_now} 件尚未完成）。"
        limit = f"within{within}hours" if within else "within its own limit"
        return f"{place}: {share} of {n:,} {limit} ({level} CI {low} to {high}; {open_now} still open)."

    def plot(self, ax: Axes | None = None, *, stage: Stage = "solve") -> Axes:
        """On time by department (see ``servqual.plots.complaints``)."""
        from servqual.plots.complaints import draw_stage_limits

        return draw_stage_limits(self, ax, stage=stage)


def stage_limits(complaints: Complaints, limits: Limits, *, level: float = 0.95) -> StageLimits:
    """Is each stage done within its limit, department by department?

    Parameters
    ----------
    complaints : Complaints
    limits : department -> hours from dispatch to solution (what the department has in hand), or -> {"dispatch": …, "solve": …,
        "whole": …} in hours; "*" stands for every other department
    level : confidence of the intervals

    Returns
    -------
    StageLimits
        A row for each department and each stage that has a limit somewhere, then all departments, each complaint against its own
        limit.

    Raises
    ------
    SpecError
        If a limit is no number above 0, a stage is not known, or none is given.

    Notes
    -----
    A complaint that is open when the register ends is neither on time nor late, unless its limit has passed. To leave it out
    would flatter a slow department, to call it late would wrong a quick one: it counts for as long as it was seen
    (:func:`~servqual.complaints.survival.happened_by`). Complaints that were not dispatched have not come to the second stage; those
    solved without a time of dispatch are dropped from the first two, and counted. For all departments times are taken as a
    share of each complaint's own limit.

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.complaints import read_complaints
    >>> table = pd.DataFrame({
    ...     "store": list("ABCD"), "item": "REL1", "department": "billing", "received": "2026-03-02 08:00",
    ...     "dispatched": "2026-03-02 09:00", "solved": ["2026-03-02 19:00", "2026-03-03 08:00", "2026-03-05 09:00", ""]})
    >>> complaints = read_complaints(table, load_instrument("servqual-22"), until="2026-03-06")
    >>> found = stage_limits(complaints, {"billing": 24})
    >>> found.frame.loc[0, ["n", "open", "late", "on_time"]].tolist()
    [4.0, 1.0, 2.0, 0.5]
    """  # fmt: skip
    check_between("level", level, 0, 1)
    asked = _limits(limits)
    departments = complaints.values("department")
    stages = [stage for stage in get_args(Stage) if any(stage in each for each in asked.values())]
    names = [*dict.fromkeys([*(name for name in asked if name != "*"), *sorted(map(str, set(departments)))])]
    if NOT_STATED["en"] in names:
        names = [*(name for name in names if name != NOT_STATED["en"]), NOT_STATED["en"]]
    own = {name: asked.get(name, asked.get("*", {})) for name in names}
    clusters = pd.factorize(complaints.clusters())[0]
    lines = []
    for stage in stages:
        seen, used = _durations(complaints, stage, clusters)
        unknown = bool({*_ENDS[stage]} & {*complaints.absent})
        used = used & (not unknown)
        dropped = ~used & _came(complaints, stage)
        for name in names:
            mine = (departments == name).to_numpy()
            lines.append(
                _line(name, stage, own[name].get(stage, np.nan), seen, used & mine, int((dropped & mine).sum()), level)
            )
        limit = departments.map({name: own[name].get(stage, np.nan) for name in names}).to_numpy(float)
        limited = np.isfinite(limit)
        lines.append(_line(ALL, stage, limit, seen, used & limited, int((dropped & limited).sum()), level))
        for line in lines[-len(names) - 1 :] if unknown else ():
            line["reason"] = "not recorded"
    strange = [name for name in asked if name != "*" and not (departments == name).any()]
    remarks = base_remarks(complaints) + _strange(strange)
    return StageLimits(
        pd.DataFrame(lines), complaints.language, level=level, interval=Taylor(), remarks=remarks,
        complaints=complaints, limits=asked,
    )  # fmt: skip


def _strange(names: list[str]) -> tuple[Text, ...]:
    """That departments have a limit and no complaint: perhaps they are spelled otherwise in the register."""
    if not names:
        return ()
    return ({"en": f"no complaint names {', '.join(names)}, for which a limit is given",
             "zh": f"设有时限的{'、'.join(names)}没有投诉，请核对名称"},)  # fmt: skip


def _limits(limits: Limits) -> dict[str, dict[str, float]]:
    """Department -> stage -> hours; everything that is wrong with them at once."""
    asked: dict[str, dict[str, float]] = {}
    faults = [] if limits else ["none is given"]
    for name, told in limits.items():
        each = dict(told) if isinstance(told, Mapping) else {"solve": told}
        for stage, hours in each.items():
            if stage not in get_args(Stage):
                faults.append(f"'{name}' has a limit for '{stage}': choose {', '.join(get_args(Stage))}")
            elif isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours < np.inf:
                faults.append(f"'{name}', {stage}: {hours!r} is not a number of hours above 0")
        asked[str(name)] = each
    if faults:
        raise SpecError(f"the limits can't be used: {'; '.join(faults)}.")
    return asked


def _came(complaints: Complaints, stage: Stage) -> Array:
    """(n,) True where a complaint came to this stage, as far as is known."""
    frame = complaints.frame
    known = frame["solved"].notna() | frame["dispatched"].notna() | ~frame["usable"]
    return (known if stage == "solve" else known | True).to_numpy(bool)


def _durations(complaints: Complaints, stage: Stage, clusters: Array) -> tuple[Durations, Array]:
    """Hours of one stage for every complaint, and which of them can be used."""
    frame, (first, last) = complaints.frame, _ENDS[stage]
    unknown = frame["dispatched"].isna() & frame["solved"].notna() & (stage != "whole")
    end = frame[last].fillna(complaints.until)
    time = (end - frame[first]).dt.total_seconds().to_numpy(float) / 3600
    sound = frame["timed"] if first == "received" else frame["usable"]
    used = (sound & frame[first].notna() & ~unknown).to_numpy(bool)
    return Durations(time, frame[last].notna().to_numpy(), clusters), used


def _line(
    name: str, stage: Stage, limit: Any, seen: Durations, used: Array, dropped: int, level: float
) -> dict[str, Any]:
    """The row of one department and stage; ``limit`` is one number, or one for each complaint."""
    mine = Durations(seen.time[used], seen.happened[used], seen.cluster[used])
    own = np.broadcast_to(np.asarray(limit, dtype=float), used.shape)[used]
    relative = Durations(mine.time / own, mine.happened, mine.cluster)
    open_now = ~mine.happened
    late = (relative.time > 1) | (open_now & (relative.time >= 1))
    row: dict[str, Any] = {
        "department": name, "stage": stage, "limit": float(limit) if np.ndim(limit) == 0 else np.nan, "n": mine.n,
        "n_dropped": dropped, "reached": int(mine.happened.sum()), "open": int(open_now.sum()), "late": int(late.sum()),
        "waiting": int((open_now & ~late).sum()),
    }  # fmt: skip
    limited = mine.n > 0 and bool(np.isfinite(own).all())
    found = happened_by(relative, 1.0, level) if limited else None
    shown = {part: np.nan if found is None else getattr(found, to)
             for part, to in (("on_time", "share"), ("se", "se"), ("low", "low"), ("high", "high"), ("df", "df"))}  # fmt: skip
    median = median_time(mine, level) if mine.n > 1 else (np.nan,) * 3
    reason = "nobody" if not mine.n else "no limit" if found is None else "too short" if np.isnan(found.share) else (
        "one" if mine.n == 1 else "one cluster" if mine.clusters < 2 else "")  # fmt: skip
    return {**row, **shown, **dict(zip(("median", "median_low", "median_high"), median, strict=True)), "reason": reason}
