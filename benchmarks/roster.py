"""Does every roster keep its rules? 200 random plans held against an independent checker, and one large plan on the clock.

``python -m benchmarks.roster`` writes ``docs/roster.md``; ``--plans 20`` is a quick look that writes nothing.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from survey_design.visits import VisitPlan, plan_visits

PLANS, SEED = 200, 20261122
TIERS = ("flagship_core", "core", "first_tier", "hypermarket", "cooperative")
HOLIDAYS = ("2027-01-01", "2027-05-01", "2027-10-01", "2027-10-02", "2027-10-03")


def instance(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Stores, inspectors and options of a random plan; capacity is often short, ties are many, some are away for a month."""
    g = np.random.default_rng((SEED, seed))
    n_areas, n_stores, n_inspectors, months = (
        int(g.integers(1, 5)),
        int(g.integers(3, 26)),
        int(g.integers(3, 13)),
        int(g.integers(3, 13)),
    )
    areas = [f"区域{k}" for k in range(n_areas)]
    stores = pd.DataFrame({
        "store": [f"门店{k:02d}" for k in range(n_stores)], "area": g.choice(areas, n_stores), "tier": g.choice(TIERS, n_stores),
        "city_level": g.choice(["central", "county", "town"], n_stores), "traffic": g.lognormal(5, 1, n_stores).round(),
        "closed_weekdays": g.choice(["", "Mon", "周六"], n_stores, p=[0.7, 0.15, 0.15]),
    })  # fmt: skip
    need = n_stores * 1.2 / n_inspectors
    inspectors = pd.DataFrame({
        "inspector": [f"I{k:02d}" for k in range(n_inspectors)], "home": g.choice(stores["area"].unique(), n_inspectors),
        "capacity": np.maximum(1, np.round(need * g.uniform(0.7, 2.0) * g.uniform(0.6, 1.4, n_inspectors))).astype(int),
        "ties": [list(g.choice(stores["store"], int(g.integers(0, 3)), replace=False)) for _ in range(n_inspectors)],
        "leave": [f"2027-{int(g.integers(1, 13)):02d}" if g.random() < 0.2 else "" for _ in range(n_inspectors)],
    })  # fmt: skip
    options = {
        "start": "2027-01", "months": months, "seed": seed, "strict": bool(g.random() < 0.7), "gap_months": int(g.choice([1, 2, 3], p=[0.15, 0.15, 0.7])),
        "spacing": str(g.choice(["parts", "calendar_months"])), "rotation": str(g.choice(["store", "area"], p=[0.75, 0.25])),
        "second_share": float(g.choice([0.0, 0.1])), "overt_share": float(g.choice([0.0, 0.3])), "holidays": HOLIDAYS,
        "closed_weekdays": ["Sun"] if g.random() < 0.5 else [], "per_day": int(g.integers(1, 4)),
    }  # fmt: skip
    return stores, inspectors, options


def later(day: date, months: int) -> date:
    """The same day some months later, or the last of that month: by the standard library only."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    after = date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return date(year, month + 1, min(day.day, after.day))


def broken(plan: VisitPlan, stores: pd.DataFrame, inspectors: pd.DataFrame, options: dict[str, Any]) -> list[str]:
    """Every hard rule that a plan breaks, found by looking at all pairs of visits; shares no code with the package."""
    rows = [dict(row, day=date.fromisoformat(row["date"])) for row in plan.frame.to_dict("records")]
    known = stores.set_index("store").to_dict("index")
    people = inspectors.set_index("inspector").to_dict("index")
    faults: list[str] = []
    strict, gap = options["strict"], options["gap_months"]
    for a in rows:
        for b in rows:
            if a is b or a["inspector"] != b["inspector"] or (b["day"], b["visit"]) < (a["day"], a["visit"]):
                continue
            welcome = later(a["day"], gap) + timedelta(days=int(strict))
            apart = (b["day"].year - a["day"].year) * 12 + b["day"].month - a["day"].month
            if a["store"] == b["store"]:
                if b["day"] < welcome:
                    faults.append(f"{a['visit']} and {b['visit']}: back too early")
                if options["spacing"] == "calendar_months" and apart < gap + strict:
                    faults.append(f"{a['visit']} and {b['visit']}: too few calendar months")
            if options["rotation"] == "area" and a["area"] == b["area"] and 0 < apart < gap + strict:
                faults.append(f"{a['visit']} and {b['visit']}: back in the area too early")
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        who, day = people[row["inspector"]], row["day"]
        for key in ((row["inspector"], row["date"][:7]), (row["inspector"], row["date"])):
            counts[key] = counts.get(key, 0) + 1
        closed = {"": -1, "Mon": 0, "周六": 5}[known[row["store"]]["closed_weekdays"]]
        if row["store"] in who["ties"]:
            faults.append(f"{row['visit']}: tie")
        if row["date"][:7] == who["leave"]:
            faults.append(f"{row['visit']}: on leave")
        if (
            row["date"] in options["holidays"]
            or day.weekday() == closed
            or (day.weekday() == 6 and options["closed_weekdays"])
        ):
            faults.append(f"{row['visit']}: closed day")
        if row["area"] != known[row["store"]]["area"]:
            faults.append(f"{row['visit']}: wrong area")
        if row["second_of"]:
            first = next(other for other in rows if other["visit"] == row["second_of"])
            if (
                first["inspector"] == row["inspector"]
                or first["store"] != row["store"]
                or not 0 < abs((first["day"] - day).days) <= 3
            ):
                faults.append(f"{row['visit']}: no blind second visit")
            if row["mode"] != "covert" or first["mode"] != "covert" or row["scenario"] != first["scenario"]:
                faults.append(f"{row['visit']}: other kind than the first")
    for (name, when), n in counts.items():
        most = people[name]["capacity"] if len(when) == 7 else options["per_day"]
        if n > most:
            faults.append(f"{name} in {when}: {n} visits, capacity {most}")
    per_slot = pd.DataFrame([row for row in rows if not row["second_of"]], columns=["store", "month", "date", "day"])
    wanted = plan.stores.set_index("store")["visits"].to_dict()
    lost = plan.dropped[~plan.dropped["second"].astype(bool)].groupby(["store", "month"]).size().to_dict()
    made = per_slot.groupby(["store", "month"]).size().to_dict()
    for store, k in wanted.items():
        for month in plan.loads["month"].unique():
            if made.get((store, month), 0) + lost.get((store, month), 0) != k:
                faults.append(f"{store} in {month}: {made.get((store, month), 0)} visits, {k} wanted")
    for (store, month), part in per_slot.groupby(["store", "month"]):
        if wanted[store] == 2 and len(part) == 2 and sorted(day.day > 15 for day in part["day"]) != [False, True]:
            faults.append(f"{store} in {month}: both visits in one half")
    asked = (plan.frame["scenario"] == "enquiry").sum()
    if 2 * asked > (plan.frame["scenario"] != "").sum():
        faults.append("more enquiries than purchases")
    return faults


def large() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """500 stores in 20 areas, 60 inspectors with 13 visits a month, 60 ties; costs are distances."""
    g = np.random.default_rng(SEED)
    areas = [f"A{k:02d}" for k in range(20)]
    stores = pd.DataFrame({
        "store": [f"S{k:03d}" for k in range(500)], "area": g.choice(areas, 500), "tier": g.choice(TIERS, 500, p=[0.06, 0.2, 0.4, 0.24, 0.1]),
        "city_level": g.choice(["central", "county", "town"], 500), "traffic": g.lognormal(5, 1, 500).round(),
    })  # fmt: skip
    ties: list[list[str]] = [[] for _ in range(60)]
    for k in g.integers(0, 60, 60):
        ties[k].append(str(g.choice(stores["store"])))
    inspectors = pd.DataFrame(
        {
            "inspector": [f"I{k:02d}" for k in range(60)],
            "home": [areas[k % 20] for k in range(60)],
            "capacity": 13,
            "ties": ties,
        }
    )
    place = g.random((20, 2))
    apart = 3 * np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=2))
    return stores, inspectors, pd.DataFrame(apart, index=areas, columns=areas)


def timed() -> list[str]:
    """One line per large plan: seconds, visits, left out, cost, bound, gap."""
    stores, inspectors, travel = large()
    lines = []
    for words, options in (
        ("core stores twice a month, nobody back within 3 months", {}),
        ("the same, 5% blind second visits", {"second_share": 0.05}),
        ("every store once a month", {"visits": ()}),
        ("rotation by area", {"rotation": "area"}),
        ("capacity 9 instead of 13", {"short": 9}),
    ):
        given = dict(options)
        people = inspectors.assign(capacity=given.pop("short", 13))
        start = time.perf_counter()
        plan = plan_visits(
            stores, people, start="2027-01", travel=travel, holidays=HOLIDAYS, closed_weekdays=["Sun"], seed=1, **given
        )
        seconds = time.perf_counter() - start
        lines.append(f"| {words} | {seconds:.0f} | {len(plan.frame):,} | {len(plan.dropped):,} | {plan.dropped_least:,} | {plan.cost:,.1f} | "
                     f"{plan.bound:,.1f} | {100 * plan.gap:.1f}% |")  # fmt: skip
    return lines


def checked(plans: int) -> tuple[list[str], list[str]]:
    """All plans: a table by kind of rotation, and what was broken."""
    rows, faults = [], []
    for seed in range(plans):
        stores, inspectors, options = instance(seed)
        plan = plan_visits(stores, inspectors, **options)
        faults += [f"plan {seed}: {fault}" for fault in broken(plan, stores, inspectors, options)]
        rows.append(
            (options["rotation"], options["spacing"], len(plan.frame), len(plan.dropped), plan.dropped_least, plan.gap)
        )
    table = pd.DataFrame(rows, columns=["rotation", "spacing", "visits", "open", "least", "gap"])
    lines = []
    for (rotation, spacing), part in table.groupby(["rotation", "spacing"]):
        lines.append(f"| {rotation} | {spacing.replace('_', ' ')} | {len(part)} | {part['visits'].sum():,} | {part['open'].sum():,} | {part['least'].sum():,} | "
                     f"{(part['open'] == part['least']).sum()} | {(part['gap'] == 0).sum()} | {100 * part['gap'].median():.1f}% | {100 * part['gap'].max():.1f}% |")  # fmt: skip
    return lines, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=PLANS)
    plans = parser.parse_args().plans
    lines, faults = checked(plans)
    if faults:
        raise SystemExit("\n".join(faults[:50]))
    page = PAGE.format(plans=plans, checked="\n".join(lines), timed="\n".join(timed()), seed=SEED)
    if plans == PLANS:
        (Path(__file__).parents[1] / "docs" / "roster.md").write_text(page, encoding="utf-8")
    print(page)


PAGE = """# Rosters: does every plan keep its rules, and how good is it?

This page is written by `python -m benchmarks.roster`: {plans} random plans, seeds from {seed}, none left out; it would not have been
written if one of them broke a rule.

## What was checked

Each plan has 1 to 4 areas, 3 to 25 stores, 3 to 12 inspectors, 3 to 12 months; ties, leave, holidays, closed weekdays, one to three visits a
day, gaps of one to three months (more than that, or at least), dates or calendar months, rotation by store or by area, blind second
visits. Capacity is short in many. The checker (`benchmarks.roster.broken`) uses the standard library's dates and looks at all pairs of visits:
same inspector back too early, capacity by month and day, ties, leave, closed days, halves of the month, second visits near, blind and
of the same kind, no more enquiries than purchases, and every store's visits either made or listed among those without a place.

- **open**: visits without a place; **least**: how many no plan can place, by the relaxed problem; **all needed**: plans in which the two are equal.
- **best**: plans whose cost no plan with as few open visits can undercut; **gap**: how much cheaper one could be at most. It is 100% where a bound of 0 meets a plan
  of few visits away from home or above the even share.

| rotation by | spacing | plans | visits | open | least | all needed | best | median gap | largest gap |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{checked}

## A large plan

500 stores in 20 areas, 60 inspectors with 13 visits a month each, 12 months, 60 personal ties; travel is the distance between areas.

| plan | seconds | visits | open | least | cost | bound | gap |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{timed}

Seconds are wall time on two shared cores. The bound is a linear programme over groups of like stores and inspectors. Where stores are
visited once a month, a roster that repeats every four months reaches it; with two visits a month, or blind second visits, the
bound is less sharp, and so is the gap. With rotation by area the bound knows of the rule only that an
inspector makes no more visits to an area within four months than a month holds.
"""


if __name__ == "__main__":
    main()
