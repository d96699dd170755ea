"""Were the rules kept? A log of visits that were made, held against rotation, frequency, capacity and ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from survey_design.errors import SpecError, check_choice, check_columns
from survey_design.results import Language, Text, is_missing
from survey_design.visits.frequency import FREQUENCY_RULES, FrequencyRule, Spacing, rules_unmet, visits_per_month
from survey_design.visits.given import Given, as_table, as_tables, with_numbers
from survey_design.visits.months import first_month, welcome_from
from survey_design.visits.people import names_in
from survey_design.visits.plan import Rotation
from survey_design.visits.results import VisitAudit

_FRAME = [
    "rule",
    "row",
    "store",
    "inspector",
    "date",
    "other_row",
    "other_date",
    "allowed_from",
    "month",
    "found",
    "expected",
]
_NO = ("", "0", "0.0", "false", "no", "否")  # as files say it
Finding = dict[str, Any]


def audit_visits(
    log: Given,
    *,
    stores: Given | None = None,
    inspectors: Given | None = None,
    gap_months: int = 3,
    strict: bool = True,
    spacing: Spacing = "parts",
    rotation: Rotation = "store",
    visits: Sequence[FrequencyRule] = FREQUENCY_RULES,
    start: Any = None,
    months: int | None = None,
    columns: Mapping[str, str] | None = None,
    language: Language = "en",
) -> VisitAudit:
    """Violations in a log of visits, each with its rows and dates; the log itself is kept whole.

    * rotation: a visit of the same inspector at the same store is compared with the one before. More than three months means
      the same day three months later (the last day of a shorter month) is still too early by a day.
    * frequency (needs ``stores``): fewer visits in a month than :func:`survey_design.visits.visits_per_month` wants; blind second
      visits (``second_of`` is not empty, or ``double`` is true) don't count.
    * capacity, ties (need ``inspectors``), unknown stores and inspectors, rows listed twice, rows that can't be read.

    Parameters
    ----------
    log : DataFrame with ``store, inspector, date``
    stores, inspectors : as for :func:`survey_design.visits.plan_visits`; what is not given is not checked. All three may be the
        path of a CSV or Excel file. Usual Chinese headings are found, as in the plan.
    gap_months, strict, spacing, rotation, visits : the rules, as in the plan
    start, months : the months in which frequency is checked; from the first to the last month of the log without them
    columns : name in these tables -> name here, where a heading is not found

    Returns
    -------
    VisitAudit
        ``.counts()`` has what was checked and found by rule.

    Notes
    -----
    A row that is listed twice, or can't be read, is said to be so and left out of the other rules.
    Checked against a checker that compares all pairs of visits: tests/test_visit_plan.py.

    Examples
    --------
    >>> log = pd.DataFrame({"store": "S1", "inspector": "Ana", "date": ["2026-01-15", "2026-04-15", "2026-07-16"]})
    >>> audit = audit_visits(log)
    >>> audit.sentence()
    'Audit of 3 visits: 1 violation. Ana was at S1 on 2026-01-15 and again on 2026-04-15; the earliest date allowed was 2026-04-16.'
    >>> len(audit_visits(log, strict=False).frame)
    0
    """
    given = as_table(log, "log")
    tables = as_tables({"log": given, "stores": stores, "inspectors": inspectors}, columns)
    log, remarks = tables["log"], tuple[Text, ...]()
    check_columns(["store", "inspector", "date"], log.columns, "log")
    check_choice("spacing", spacing, Spacing)
    check_choice("rotation", rotation, Rotation)
    if isinstance(gap_months, bool) or not isinstance(gap_months, (int, np.integer)) or gap_months < 1:
        raise SpecError(f"gap_months={gap_months!r} must be a whole number from 1.")
    rows = _read(log)
    good = rows[rows["problem"] == ""]
    gap = _Gap(int(gap_months), bool(strict), spacing == "calendar_months")
    checks: dict[str, int] = {"unreadable": len(rows), "duplicate": len(rows), "rotation": len(good)}
    found = [_finding("unreadable" if problem == "unreadable" else "duplicate", row) for row, problem in
             ((row, row["problem"]) for row in rows[rows["problem"] != ""].to_dict("records"))]  # fmt: skip
    found += _early(good, "store", "rotation", gap)
    if stores is not None:
        stores = tables["stores"]
        check_columns(["store"], stores.columns, "stores")
        stores = with_numbers(stores, {"traffic": "traffic"}, "store", "the stores")
        checks, remarks = checks | {"unknown_store": len(good), "frequency": 0}, rules_unmet(stores, visits)
        found += [_finding("unknown_store", row) for row in _outside(good, "store", stores["store"])]
        missed, checks["frequency"] = _missed(good, stores, visits, start, months)
        found += missed
        if rotation == "area":
            check_columns(["area"], stores.columns, "stores")
            checks["rotation_area"] = len(good)
            area = dict(zip(stores["store"].astype(str), stores["area"].astype(str), strict=True))
            found += _early(
                good.assign(area=good["store"].map(area)).dropna(subset="area"), "area", "rotation_area", gap
            )
    elif rotation == "area":
        raise SpecError("rotation='area' needs stores, which say the area of each store.")
    if inspectors is not None:
        inspectors = tables["inspectors"]
        check_columns(["inspector"], inspectors.columns, "inspectors")
        inspectors = with_numbers(inspectors, {"capacity": "visits a month"}, "inspector", "the inspectors")
        checks |= {"unknown_inspector": len(good)}
        found += [_finding("unknown_inspector", row) for row in _outside(good, "inspector", inspectors["inspector"])]
        for rule, check in (("capacity", _crowded), ("tie", _tied)):
            if {"capacity": "capacity", "tie": "ties"}[rule] in inspectors:
                more, checks[rule] = check(good, inspectors, stores)
                found += more
    frame = pd.DataFrame(found, columns=_FRAME).sort_values(["row", "month", "store"], kind="stable", ignore_index=True)
    return VisitAudit(frame, language, log=_marked(given, frame), checks=checks, remarks=remarks)


@dataclass(frozen=True)
class _Gap:
    """How long an inspector stays away."""

    months: int
    strict: bool
    calendar: bool

    def welcome(self, date: Any, by_month: bool = False) -> Any:
        """First date on which the inspector may be back."""
        if by_month or self.calendar:
            whole = (date.astype("datetime64[M]") + self.months + self.strict).astype("datetime64[D]")
            return whole if by_month else max(whole, welcome_from(date, self.months, self.strict))
        return welcome_from(date, self.months, self.strict)


def _read(log: pd.DataFrame) -> pd.DataFrame:
    """The log's rows with their number, names as text, and what keeps a row from being used."""
    from survey_design.files.days import days_in

    moment = days_in(log["date"])
    rows = pd.DataFrame({
        "row": np.arange(2, len(log) + 2), "store": _names(log["store"]), "inspector": _names(log["inspector"]),
        "day": moment.to_numpy().astype("datetime64[D]"),
    })  # fmt: skip
    rows["date"] = [
        str(day) if not np.isnat(day) else str(given)
        for day, given in zip(rows["day"].to_numpy("datetime64[D]"), log["date"], strict=True)
    ]
    rows["again"] = _second(log)
    unreadable = moment.isna().to_numpy() | (rows["store"] == "") | (rows["inspector"] == "")
    key = ["store", "inspector", "day"]
    if "time_of_day" in log:
        rows["time"] = log["time_of_day"].astype(str).to_numpy()
        key.append("time")
    first = rows.loc[~unreadable].groupby(key, sort=False)["row"].transform("min").reindex(rows.index)
    rows["first"] = first
    rows["problem"] = np.select([unreadable, first.notna() & (first != rows["row"])], ["unreadable", "duplicate"], "")
    return rows


def _names(cells: pd.Series) -> list[str]:
    return ["" if is_missing(cell) else str(cell).strip() for cell in cells]


def _second(log: pd.DataFrame) -> list[bool]:
    """Which rows are blind second visits."""
    if "second_of" in log:
        return [not is_missing(cell) and str(cell).strip() != "" for cell in log["second_of"]]
    if "double" not in log:
        return [False] * len(log)
    return [bool(cell) and not is_missing(cell) and str(cell).strip().lower() not in _NO for cell in log["double"]]


def _finding(rule: str, row: Mapping[Any, Any], **more: Any) -> Finding:
    told = {"rule": rule, **{name: row.get(name) for name in ("row", "store", "inspector", "date")}}
    if rule == "duplicate":
        told |= {"other_row": row["first"], "other_date": row["date"]}
    return told | more


def _early(rows: pd.DataFrame, place: str, rule: str, gap: _Gap) -> list[Finding]:
    """Visits too soon after the one before, of the same inspector at the same store, or stays in the same area."""
    found, by_month = [], rule == "rotation_area"
    rows = rows.sort_values(["day", "row"])
    of = rows.groupby(["inspector", place], sort=True).ngroup()  # -1 where either is unknown
    records = rows.assign(of=of)[of >= 0].sort_values("of", kind="stable").to_dict("records")
    for before, after in pairwise(records):
        days = [np.datetime64(row["day"], "D") for row in (before, after)]
        same_month = days[0].astype("datetime64[M]") == days[1].astype("datetime64[M]")
        if before["of"] != after["of"] or (by_month and same_month):
            continue
        welcome = gap.welcome(days[0], by_month)
        if days[1] < welcome:
            found.append(
                _finding(rule, after, other_row=before["row"], other_date=before["date"], allowed_from=str(welcome))
            )
    return found


def _outside(rows: pd.DataFrame, column: str, known: pd.Series) -> list[dict[Any, Any]]:
    return rows[~rows[column].isin(known.astype(str))].to_dict("records")


def _missed(
    rows: pd.DataFrame, stores: pd.DataFrame, rules: Sequence[FrequencyRule], start: Any, months: int | None
) -> tuple[list[Finding], int]:
    """Stores and months with fewer visits than wanted, and the number looked at."""
    if rows.empty and (start is None or months is None):
        return [], 0
    on = rows["day"].to_numpy("datetime64[M]")
    first = on.min() if start is None else first_month(start)
    count = int((on.max() - first).astype(int)) + 1 if months is None else months
    made = rows.assign(month=on)[~rows["again"]].groupby(["store", "month"]).size().to_dict()
    found = []
    for store, wanted in zip(stores["store"].astype(str), visits_per_month(stores, rules), strict=True):
        for k in range(count):
            n = made.get((store, pd.Timestamp(first + k)), 0)
            if n < wanted:
                found.append(
                    {"rule": "frequency", "store": store, "month": str(first + k), "found": n, "expected": int(wanted)}
                )
    return found, count * len(stores)


def _crowded(rows: pd.DataFrame, inspectors: pd.DataFrame, stores: pd.DataFrame | None) -> tuple[list[Finding], int]:
    """Inspectors and months with more visits than capacity."""
    capacity = dict(zip(inspectors["inspector"].astype(str), inspectors["capacity"], strict=True))
    months = rows.assign(month=rows["day"].to_numpy("datetime64[M]").astype(str)).groupby(["inspector", "month"]).size()
    found = [{"rule": "capacity", "inspector": who, "month": month, "found": int(n), "expected": capacity[who]}
             for who, month, n in months.reset_index(name="n").itertuples(index=False) if who in capacity and n > capacity[who]]  # fmt: skip
    return found, len(months)


def _tied(rows: pd.DataFrame, inspectors: pd.DataFrame, stores: pd.DataFrame | None) -> tuple[list[Finding], int]:
    """Visits to stores, or to areas, to which the inspector has a tie."""
    ties = {
        who: set(names_in(cell))
        for who, cell in zip(inspectors["inspector"].astype(str), inspectors["ties"], strict=True)
    }
    area = (
        {}
        if stores is None or "area" not in stores
        else dict(zip(stores["store"].astype(str), stores["area"].astype(str), strict=True))
    )
    found = [_finding("tie", row) for row in rows.to_dict("records")
             if {row["store"], area.get(row["store"])} & ties.get(row["inspector"], set())]  # fmt: skip
    return found, len(rows)


def _marked(log: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The log with the rules that each row breaks."""
    rules = frame.dropna(subset="row").groupby("row")["rule"].agg(lambda found: "; ".join(dict.fromkeys(found)))
    return log.assign(violations=[rules.get(row, "") for row in range(2, len(log) + 2)])
