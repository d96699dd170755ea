"""Inspections with known answers: what inspectors find in the stores of a simulated study, and what they should find.

Every store has a true quality for each indicator of the checklist, from 0 to 100. Customers of the same stores weigh these
qualities by known weights, so that inspections and exit interviews agree, but not perfectly. Inspectors are more or less
severe, announced visits are kinder, agencies differ, days differ: all by known amounts. Two invented rivals are inspected with the
same checklist. ``python -m servqual.simulate_visits data/sample`` writes the sample files.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from servqual.instruments import load_instrument
from servqual.mystery.blocks import score_points
from servqual.mystery.checklist import Checklist, ChecklistItem, load_checklist
from servqual.mystery.points import Answers, PointPlan
from servqual.simulate import DEFAULT_TRUTH, SAMPLE_SEED, SimulatedStudy, Truth, simulate_study
from survey_design.errors import SpecError
from survey_design.outputs import write_whole
from survey_design.visits import visits_per_month

Array = NDArray[Any]

OWN = "own"
AGENCIES = ("internal", "third_party")
SCENARIO_SHARES: Mapping[str, float] = {"enquiry": 0.4, "followed_purchase": 0.2, "real_purchase": 0.4}
NOT_APPLICABLE = "-8"  # as the forms write it: no reader of CSV files takes it for an empty cell
_ROUGHNESS = 0.35  # how much more than by chance the steps of a number go together
_FEWEST, _MOST = 0.02, 0.98  # share of the points that can be expected of an item
_KEPT_BETWEEN = (15.0, 96.0)  # qualities of a store
_CHARGING = (60.0, 99.5)  # the same of an indicator that has only veto items
_REPEATED = 40  # times the year is repeated to find the variance that is left
_OWN_STREAM = 58  # beside the seed: the same seed as the study's must not repeat the luck of its stores
_SPREAD = 5.0  # of rivals' stores in a tier that we have no stores in
_NODES = 9  # of the days' effects, where a mean over them is taken


# --- what is true ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """Something a company did from a day on, and what it really changed.

    Parameters
    ----------
    company, date, indicator : who, when (ISO), and what it was meant to improve
    what, what_zh : in words
    effect : points by which the indicator rose in every store of the company; 0 for a move that changed nothing
    """

    company: str
    date: str
    indicator: str
    what: str
    what_zh: str
    effect: float


@dataclass(frozen=True)
class VisitTruth:
    """What is true about inspections, before any inspector sets out. Points are those of a score from 0 to 100.

    Parameters
    ----------
    customer_weights : indicator -> weight in what customers think of a store; they sum to 1
    levels : indicator -> points by which the chain does better or worse at it than on the whole
    store_sd : how far a store's indicators lie from what is typical of the store
    shared : share of the differences between stores of a tier, as customers see them, that inspections can see, too
    charging, charging_sd : tier -> quality of an indicator that consists of veto items only, and its spread between stores
    violation : tier -> chance of violating a veto item that stands among other items
    severity_sd, agency : spread of inspectors within an agency; how much kinder the first agency is than the second
    overt : category -> points by which an announced visit is kinder
    occasion : days differ evenly between − and + this many points
    offsets : item -> points by which an item of an indicator does better than the indicator
    rare : item -> how often it applies (1 where it is not named)
    purchases_only : items that do not apply to an enquiry
    no_room : tier, item and share of the tier's stores to which the item never applies
    dressed_up : points by which two stores show inspectors more than they give customers
    seen_alike : share of the answers of a double visit that are plain to both inspectors
    rivals : company -> indicator -> points by which it differs from us in every tier
    moves : what companies did during the year

    Examples
    --------
    >>> truth = SAMPLE_VISIT_TRUTH
    >>> round(sum(truth.customer_weights.values()), 10), max(truth.customer_weights, key=truth.customer_weights.get)
    (1.0, 'solution')
    """

    customer_weights: Mapping[str, float]
    levels: Mapping[str, float]
    charging: Mapping[str, float]
    violation: Mapping[str, float]
    overt: Mapping[str, float]
    store_sd: float = 8.0
    shared: float = 0.8
    charging_sd: float = 2.5
    severity_sd: float = 3.0
    agency: float = 3.0
    occasion: float = 6.0
    offsets: Mapping[str, float] = field(default_factory=dict)
    rare: Mapping[str, float] = field(default_factory=dict)
    purchases_only: tuple[str, ...] = ()
    no_room: tuple[str, str, float] | None = None
    dressed_up: float = 0.0
    seen_alike: float = 0.6
    rivals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()

    def __post_init__(self) -> None:
        weights = np.array(list(self.customer_weights.values()))
        if not np.isclose(weights.sum(), 1) or (weights < 0).any():
            raise SpecError(f"customer_weights sum to {weights.sum():g}; they must sum to 1, none below 0.")
        for name in ("shared", "seen_alike"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"{name}={getattr(self, name)} must lie between 0 and 1.")

    def effect_of(self, company: str, indicators: tuple[str, ...]) -> Array:
        """(indicators,) points by which a company differs from us."""
        return np.array([self.rivals.get(company, {}).get(name, 0.0) for name in indicators])


SAMPLE_VISIT_TRUTH = VisitTruth(
    customer_weights={
        "greeting": 0.02, "initiative": 0.07, "affinity": 0.13, "knowledge": 0.08, "selling": 0.03, "waiting": 0.17,
        "handling": 0.20, "fair_charging": 0.08, "solution": 0.22,
    },
    levels={
        "greeting": 4, "initiative": -4, "affinity": 3, "appearance": 9, "knowledge": 2, "selling": -5, "waiting": -2,
        "demonstration": -7, "handling": 3, "cleanliness": 8, "site_management": 2, "image": 7, "experience_area": 1,
        "solution": -1, "after_sales": -8, "confirmation": -3, "active_marketing": -9, "consistency": 3, "retention": -12,
    },
    charging={"flagship_core": 97, "core": 95, "first_tier": 93, "hypermarket": 90, "cooperative": 86},
    violation={"flagship_core": 0.003, "core": 0.006, "first_tier": 0.01, "hypermarket": 0.02, "cooperative": 0.025},
    overt={"awareness": 8, "people": 6, "process": 4, "environment": 5, "results": 1, "marketing": 4},
    offsets={
        "greet_time": 2, "farewell": -6, "explains_tariff": 4, "test_questions": -6, "fitting_offer": 6, "alternatives": -9,
        "handling_minutes": -4, "handling_correct": 2, "document_check": 3, "clean_floor": -3, "faulty_facilities": 3,
        "signs": 6, "posters_current": -6,
    },
    rare={"queue_guidance": 0.65, "complaint_taken": 0.3, "retention_effort": 0.3},
    purchases_only=("handling_minutes", "handling_correct", "document_check", "receipt"),
    no_room=("cooperative", "devices_working", 0.2),
    dressed_up=18.0,
    rivals={
        "rival_a": {"demonstration": 10, "experience_area": 8, "knowledge": 5, "handling": -6, "after_sales": -4},
        "rival_b": {"waiting": -8, "cleanliness": -6, "affinity": 4, "selling": -3, "image": -5},
    },
    moves=(
        Move("own", "2026-06-01", "greeting", "Training in greeting for all staff", "全员迎送礼仪培训", 6.0),
        Move("rival_a", "2026-07-01", "waiting", "Second queue for simple business", "开设简易业务快速通道", 10.0),
        Move("rival_a", "2026-10-01", "image", "Poster campaign with a new slogan", "新口号海报宣传", 0.0),
        Move("rival_b", "2026-04-01", "after_sales", "Repairs handed back within 48 hours", "四十八小时维修承诺", 8.0),
    ),
)  # fmt: skip


# --- the field ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VisitFieldwork:
    """Who goes where and how often.

    Parameters
    ----------
    start, months : first month (ISO) and how many
    inspectors : a multiple of twice the number of regions; half of them belong to each agency
    overt_share : share of visits that are announced
    doubles : covert visits that another inspector repeats a few days later, neither knowing of it
    exposed_share : share of covert visits in which the inspector is recognised
    rival_stores : tier -> stores of each rival
    rival_months : months in which the rivals are visited, counted from the first
    """

    start: str = "2026-01"
    months: int = 12
    inspectors: int = 24
    overt_share: float = 0.25
    doubles: int = 100
    exposed_share: float = 0.015
    rival_stores: Mapping[str, int] = field(default_factory=lambda: {
        "flagship_core": 3, "core": 6, "first_tier": 8, "hypermarket": 4, "cooperative": 4})  # fmt: skip
    rival_months: tuple[int, ...] = (1, 4, 7, 10)


@dataclass(frozen=True, eq=False)
class SimulatedVisits:
    """Visits whose right answers are known.

    Attributes
    ----------
    truth, checklist, seed : what they were made from
    stores : stores of all companies: ``company, store, tier, region, visits`` (a month)
    quality : (stores, indicators) what an average inspector finds on an average covert visit, after vetoes, but for rounding
        at the ends of the scale (:meth:`truth_table` reckons with these)
    ratings : (own stores,) what customers think of each of our stores, 0 to 100
    inspectors : ``inspector, agency, home, capacity, ties``
    severity : (inspectors,) points by which each is kinder than the mean of all, the agency's part included
    dressed_up : the stores that show inspectors more than they give customers
    visits, competitors : a row per visit, with its answers, as from a clean file
    roster : what was laid down about each of ``visits``: places of store and inspector, the day's luck
    expected : what answers are to be expected
    """

    truth: VisitTruth
    checklist: Checklist
    seed: int
    stores: pd.DataFrame
    quality: Array
    ratings: Array
    inspectors: pd.DataFrame
    severity: Array
    dressed_up: tuple[str, ...]
    visits: pd.DataFrame
    competitors: pd.DataFrame
    roster: pd.DataFrame
    expected: Expectations

    def moves(self) -> pd.DataFrame:
        """What the companies did: ``company, date, indicator, what, what_zh``."""
        columns = ["company", "date", "indicator", "what", "what_zh"]
        return pd.DataFrame([[getattr(move, name) for name in columns] for move in self.truth.moves], columns=columns)

    def truth_table(self) -> pd.DataFrame:
        """What a perfect study would find: see :func:`visit_truth_table`."""
        return visit_truth_table(self)


def simulate_visits(
    study: SimulatedStudy,
    seed: int,
    *,
    truth: VisitTruth = SAMPLE_VISIT_TRUTH,
    checklist: Checklist | None = None,
    fieldwork: VisitFieldwork | None = None,
) -> SimulatedVisits:
    """Inspect the stores of a simulated study, and those of two rivals.

    Customers think ``y`` of a store (the mean of the dimensions of their ratings, brought to 0 to 100). Inspections can see ``T``,
    with T = m + r (y − m) + e within a tier of mean m, r = ``truth.shared`` and var(e) = r (1 − r) var(y): the expectation
    of y given T is then T itself. Qualities ``X`` of the indicators are made such that Σ w X = T with the customers' weights w, and vary
    otherwise at random. Weights fitted to customers should find w as stores and visits become many.

    An answer expects the share q of its points, q = (X + item + severity + agency + occasion + announced)/100, kept
    between 0.02 and 0.98. Yes or no is a toss with chance q; of graded answers half are all or nothing, half lie on the
    levels next to q; numbers follow a beta-binomial distribution over their steps. Veto items stand apart from inspectors
    and days: they depend on the store alone.

    Parameters
    ----------
    study : a simulated study; its stores and what their customers think
    seed : the same seed gives the same visits
    truth : what is true about inspections
    checklist : the shipped "telecom-store" if left out; truth must know its indicators
    fieldwork : who goes where

    Examples
    --------
    >>> from servqual.simulate import DEFAULT_TRUTH, simulate_study
    >>> field = VisitFieldwork(months=2, doubles=10)
    >>> made = simulate_visits(simulate_study(DEFAULT_TRUTH, seed=1), seed=1, fieldwork=field)
    >>> len(made.visits), made.visits["store"].nunique(), made.quality.shape
    (290, 120, (170, 20))
    """
    checklist, fieldwork = checklist or load_checklist("telecom-store"), fieldwork or VisitFieldwork()
    _check_known(truth, checklist)
    luck, road, found, elsewhere, repeated = np.random.default_rng([seed, _OWN_STREAM]).spawn(5)
    dressed = _dressed_up(study)
    stores, quality, ratings = _qualities(truth, checklist, study, fieldwork, dressed, luck)
    inspectors, severity = _inspectors(truth, study.stores, fieldwork, luck)
    expected = Expectations.of(truth, checklist, fieldwork, stores, quality, severity, luck)
    regular = _roster(stores, inspectors, fieldwork, road)
    rows = _by_date(pd.concat([regular, _doubles(regular, inspectors, fieldwork, repeated)], ignore_index=True))
    rivals = _by_date(_rival_roster(stores, inspectors, fieldwork, elsewhere))
    visits, competitors = (
        _inspected(expected, part, inspectors, rng) for part, rng in ((rows, found), (rivals, elsewhere))
    )
    log = pd.concat([visits, competitors])
    inspectors = inspectors.assign(capacity=_capacity(log, inspectors), ties=_ties(log, inspectors, elsewhere))
    return SimulatedVisits(
        truth, checklist, seed, stores, quality, ratings, inspectors, severity, tuple(stores["store"][dressed]), visits,
        competitors, rows, expected,
    )  # fmt: skip


def _check_known(truth: VisitTruth, checklist: Checklist) -> None:
    known, items = {each.id for each in checklist.indicators}, {item.id for item in checklist.items}
    named = {*truth.customer_weights, *truth.levels, *(move.indicator for move in truth.moves)}
    unknown = sorted((named - known) | ({*truth.offsets, *truth.rare, *truth.purchases_only} - items))
    if unknown:
        raise SpecError(f"the truth names {', '.join(unknown)}, which checklist '{checklist.id}' does not have.")


# --- stores and inspectors ---------------------------------------------------------------------------------


def _qualities(
    truth: VisitTruth,
    checklist: Checklist,
    study: SimulatedStudy,
    fieldwork: VisitFieldwork,
    dressed: Array,
    rng: Generator,
) -> tuple[pd.DataFrame, Array, Array]:
    """Stores of all companies, (stores, indicators) their qualities, and what customers think of ours."""
    own = study.stores[["store", "tier", "region"]].assign(company=OWN)
    own["visits"] = visits_per_month(study.stores.assign(traffic=study.stores["monthly_footfall"]))
    stores = pd.concat(
        [own, *(_rival_stores(name, fieldwork, study.stores) for name in truth.rivals)], ignore_index=True
    )
    ratings = customer_ratings(study.truth, own["tier"].tolist(), study.effects)
    level = _visible(truth, study, stores, ratings, rng)
    level[dressed] += truth.dressed_up
    names = tuple(each.id for each in checklist.indicators)
    lone = _veto_only(checklist)
    raw = truth.store_sd * rng.standard_normal((len(stores), len(names)))
    raw += np.array([truth.levels.get(name, 0.0) for name in names])
    charging = stores["tier"].map(truth.charging).to_numpy(float)
    charging += truth.charging_sd * rng.standard_normal(len(stores))
    raw[:, lone] = np.clip(charging, *_CHARGING)[:, None]
    weight = np.array([truth.customer_weights.get(name, 0.0) for name in names])
    rise = (level - raw @ weight) / weight[~lone].sum()
    quality = raw + np.where(lone, 0.0, rise[:, None])
    quality += np.stack([truth.effect_of(company, names) for company in stores["company"]])
    return stores, np.where(lone, quality, np.clip(quality, *_KEPT_BETWEEN)), ratings


def customer_ratings(truth: Truth, tiers: list[str], effects: Array | None) -> Array:
    """(stores,) mean of the dimensions of what customers perceive, brought from the scale to 0 to 100."""
    instrument = load_instrument(truth.instrument)
    order = [dimension.id for dimension in instrument.dimensions]
    of_item = np.array([order.index(item.dimension) for item in instrument.items])
    items = truth.expected_ratings("perception", tiers, effects)
    means = np.stack([items[:, of_item == k].mean(axis=1) for k in range(len(order))]).mean(axis=0)
    return np.asarray(100 * (means - instrument.scale.low) / (instrument.scale.high - instrument.scale.low))


def _rival_stores(company: str, fieldwork: VisitFieldwork, chain: pd.DataFrame) -> pd.DataFrame:
    tiers = np.repeat(list(fieldwork.rival_stores), list(fieldwork.rival_stores.values()))
    regions = chain["region"].drop_duplicates().sort_values().to_numpy()
    names = [f"{company[-1].upper()}{k:03d}" for k in range(1, len(tiers) + 1)]
    region = regions[np.arange(len(tiers)) % len(regions)]
    return pd.DataFrame({"store": names, "tier": tiers, "region": region, "company": company, "visits": 0})


def _visible(truth: VisitTruth, study: SimulatedStudy, stores: pd.DataFrame, ratings: Array, rng: Generator) -> Array:
    """(stores,) what inspections can see of a store, on the scale of the customers' ratings."""
    luck = rng.standard_normal(len(stores))
    tier = stores["tier"].to_numpy()
    level = np.empty(len(stores))
    for name in stores["tier"].unique():
        mean = customer_ratings(study.truth, [name], None)[0]
        ours = np.flatnonzero((tier == name)[: len(ratings)])
        spread = float(np.sqrt(np.mean((ratings[ours] - mean) ** 2))) if len(ours) else _SPREAD
        level[tier == name] = mean + np.sqrt(truth.shared) * spread * luck[tier == name]
        own = truth.shared * (ratings[ours] - mean)
        level[ours] = mean + own + np.sqrt(truth.shared * (1 - truth.shared)) * spread * luck[ours]
    return level


def _dressed_up(study: SimulatedStudy) -> Array:
    """Two stores, the worst in their customers' eyes among those with ten interviews or more."""
    ratings = customer_ratings(study.truth, study.stores["tier"].tolist(), study.effects)
    asked = np.flatnonzero(study.stores["interviews"].to_numpy() >= 10)
    return np.sort(asked[np.argsort(ratings[asked], kind="stable")[:2]])


def _inspectors(
    truth: VisitTruth, chain: pd.DataFrame, fieldwork: VisitFieldwork, rng: Generator
) -> tuple[pd.DataFrame, Array]:
    """Inspectors without a name, and how kind each is; within an agency the mean is that of the agency exactly."""
    regions = chain["region"].drop_duplicates().sort_values().tolist()
    n, each = fieldwork.inspectors, fieldwork.inspectors // len(regions)
    if n % (2 * len(regions)):
        raise SpecError(
            f"inspectors={n} must be a multiple of {2 * len(regions)}: two agencies in {len(regions)} regions."
        )
    agency = np.arange(n) % 2
    severity = rng.standard_normal(n)
    for k in (0, 1):
        own = severity[agency == k] - severity[agency == k].mean()
        severity[agency == k] = truth.severity_sd * own / own.std() + truth.agency * (0.5 - k)
    names = [f"I{k:02d}" for k in range(1, n + 1)]
    home = np.repeat(regions, each)
    return pd.DataFrame({"inspector": names, "agency": np.array(AGENCIES)[agency], "home": home}), severity


# --- who goes where ----------------------------------------------------------------------------------------


def _roster(stores: pd.DataFrame, inspectors: pd.DataFrame, fieldwork: VisitFieldwork, rng: Generator) -> pd.DataFrame:
    """Regular visits to our stores: inspectors of the region and of the next take turns, so that nobody is back too early."""
    homes = inspectors["home"].drop_duplicates().tolist()
    first = np.datetime64(fieldwork.start, "M")
    parts = []
    for name, rows in stores[stores["company"] == OWN].groupby("region", sort=False):
        k = homes.index(name)
        pool = inspectors.index[inspectors["home"].isin([name, homes[(k + 1) % len(homes)]])].to_numpy()
        turns = rng.permutation(np.arange(len(rows)) % len(pool))
        for turn, (store, often) in zip(turns, rows["visits"].items(), strict=True):
            slots = np.arange(fieldwork.months * often)
            who = pool[(turn + slots) % len(pool)]
            length = 28 // often
            day = (slots % often) * length + rng.integers(1, length - 2, len(slots))
            date = (first + slots // often).astype("datetime64[D]") + (day - 1)
            parts.append(pd.DataFrame({"place": store, "who": who, "date": date}))
    rows = pd.concat(parts, ignore_index=True)
    rows["mode"] = np.where(rng.random(len(rows)) < fieldwork.overt_share, "overt", "covert")
    return _dated(rows, fieldwork, rng).assign(double="")


def _dated(rows: pd.DataFrame, fieldwork: VisitFieldwork, rng: Generator) -> pd.DataFrame:
    """What else is laid down about a visit."""
    n = len(rows)
    seen = rng.random(n) < fieldwork.exposed_share
    return rows.assign(
        scenario=rng.choice(list(SCENARIO_SHARES), n, p=list(SCENARIO_SHARES.values())),
        daypart=rng.choice(["morning", "afternoon", "evening"], n, p=[0.3, 0.45, 0.25]),
        exposed=seen & (rows["mode"] == "covert").to_numpy(),
        occasion=rng.uniform(-1, 1, n),
    )


def _doubles(rows: pd.DataFrame, inspectors: pd.DataFrame, fieldwork: VisitFieldwork, rng: Generator) -> pd.DataFrame:
    """Second visits within three days, by inspectors who never come to the store otherwise; names the first ones, too."""
    able = np.flatnonzero((rows["mode"] == "covert") & ~rows["exposed"])
    chosen = np.sort(rng.choice(able, min(fieldwork.doubles, len(able)), replace=False))
    names = [f"D{k:03d}" for k in range(1, len(chosen) + 1)]
    rows.loc[chosen, "double"] = names
    second = rows.loc[chosen].assign(first=chosen)
    visitors = {store: set(part) for store, part in rows["who"].groupby(rows["place"])}
    for row, store in second["place"].items():
        strangers = [k for k in inspectors.index if k not in visitors[store]]
        who = int(rng.choice(strangers))
        visitors[store].add(who)
        second.loc[row, "who"] = who
    days = rng.integers(1, 4, len(second)).astype("timedelta64[D]")
    return second.assign(date=second["date"].to_numpy("datetime64[D]") + days)


def _by_date(rows: pd.DataFrame) -> pd.DataFrame:
    """The visits in the order of their days; ``first`` says where the first of a double visit stands now."""
    order = rows.sort_values(["date", "place"], kind="stable").index.to_numpy()
    place = pd.Series(np.arange(len(order)), index=order)
    return rows.loc[order].assign(first=lambda frame: frame["first"].map(place)).reset_index(drop=True)


def _rival_roster(
    stores: pd.DataFrame, inspectors: pd.DataFrame, fieldwork: VisitFieldwork, rng: Generator
) -> pd.DataFrame:
    """Visits to rivals: covert, by the third party, every time somebody else."""
    team = inspectors.index[inspectors["agency"] == AGENCIES[1]].to_numpy()
    parts = [pd.DataFrame({"place": [0], "who": [0], "date": np.array([fieldwork.start], "datetime64[D]")}).iloc[:0]]
    for k, store in enumerate(stores.index[stores["company"] != OWN]):
        months = np.array(fieldwork.rival_months) - 1
        months = months[months < fieldwork.months]
        start = (np.datetime64(fieldwork.start, "M") + months).astype("datetime64[D]")
        who = team[(k + np.arange(len(months))) % len(team)]
        parts.append(pd.DataFrame({"place": store, "who": who, "date": start + rng.integers(0, 26, len(months))}))
    rows = pd.concat(parts, ignore_index=True).assign(mode="covert")
    return _dated(rows, fieldwork, rng).assign(double="", first=np.nan, exposed=False)


def _capacity(visits: pd.DataFrame, inspectors: pd.DataFrame) -> list[int]:
    """Visits a month that each inspector can make: one more than the most he or she made."""
    month = visits["date"].astype(str).str[:7]
    most = visits.groupby(["inspector", month]).size().groupby("inspector").max()
    return [int(most.get(name, 1)) + 1 for name in inspectors["inspector"]]


def _ties(visits: pd.DataFrame, inspectors: pd.DataFrame, rng: Generator) -> list[str]:
    """Stores that four inspectors must not visit, and never did."""
    ties = [""] * len(inspectors)
    stores = visits.loc[visits["company"] == OWN, "store"].unique()
    for k in np.sort(rng.choice(len(inspectors), 4, replace=False)):
        seen = set(visits.loc[visits["inspector"] == inspectors["inspector"][k], "store"])
        ties[k] = str(rng.choice(sorted(set(stores) - seen)))
    return ties


# --- what is found -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Expectations:
    """What answers are to be expected: shares of points by store, and how visits move them.

    Attributes
    ----------
    base : (stores, items) share of the points where nobody is kind or severe; for a veto item the chance that it is met
    fixed : (items,) True for veto items, which no inspector and no day moves
    overt : (items,) shares by which an announced visit is kinder
    severity : (inspectors,) shares by which an inspector is kinder
    never : (stores, items) True where an item never applies
    """

    truth: VisitTruth
    checklist: Checklist
    fieldwork: VisitFieldwork
    stores: pd.DataFrame
    base: Array
    fixed: Array
    overt: Array
    severity: Array
    never: Array

    @classmethod
    def of(
        cls,
        truth: VisitTruth,
        checklist: Checklist,
        fieldwork: VisitFieldwork,
        stores: pd.DataFrame,
        quality: Array,
        severity: Array,
        rng: Generator,
    ) -> Expectations:
        base = _bases(truth, checklist, stores, quality)
        veto = np.array([item.veto for item in checklist.items])
        category = [checklist.categories[k].id for k in checklist.indicator_category[checklist.item_indicator]]
        overt = np.array([truth.overt.get(name, 0.0) for name in category]) / 100
        never = np.zeros(base.shape, dtype=bool)
        if truth.no_room:
            tier, item, share = truth.no_room
            lacking = (stores["tier"] == tier).to_numpy() & (rng.random(len(stores)) < share)
            never[:, checklist.columns.index(item)] = lacking
        return cls(truth, checklist, fieldwork, stores, base, veto, np.where(veto, 0.0, overt), severity / 100, never)

    def shares(self, rows: pd.DataFrame) -> Array:
        """(visits, items) shares of the points to expect, given who went, how, and on what day."""
        common = self.severity[rows["who"]] + self.truth.occasion / 100 * rows["occasion"].to_numpy()
        kind = ((rows["mode"] == "overt") | rows["exposed"]).to_numpy()
        moved = self.base[rows["place"]] + np.where(self.fixed, 0.0, common[:, None]) + kind[:, None] * self.overt
        moved += self._moves(rows)
        return np.where(self.fixed, moved, np.clip(moved, _FEWEST, _MOST))

    def _moves(self, rows: pd.DataFrame) -> Array:
        """(visits, items) what companies' moves changed: less before, more after, nothing over the whole year."""
        change = np.zeros((len(rows), len(self.checklist.items)))
        company = self.stores["company"].to_numpy()[rows["place"]]
        for move in self.truth.moves:
            month = (np.datetime64(move.date, "M") - np.datetime64(self.fieldwork.start, "M")).astype(int)
            later = np.clip(1 - month / self.fieldwork.months, 0, 1)
            after = rows["date"].to_numpy("datetime64[D]") >= np.datetime64(move.date)
            points = move.effect / 100 * (after - later)
            items = [self.checklist.indicators[k].id == move.indicator for k in self.checklist.item_indicator]
            change += np.outer(np.where(company == move.company, points, 0.0), np.array(items) & ~self.fixed)
        return change

    def applies(self, rows: pd.DataFrame, rng: Generator) -> Array:
        """(visits, items) True where an item applies."""
        names = self.checklist.columns
        often = np.array([self.truth.rare.get(name, 1.0) for name in names])
        out = (rng.random((len(rows), len(names))) < often) & ~self.never[rows["place"]]
        only = np.isin(names, self.truth.purchases_only)
        return np.asarray(out & ~np.outer(rows["scenario"] == "enquiry", only))


def _bases(truth: VisitTruth, checklist: Checklist, stores: pd.DataFrame, quality: Array) -> Array:
    """(stores, items) shares of the points that give each indicator its quality after vetoes.

    An indicator of veto items alone is 100 if all are met, else 0: each is met with the m-th root of the quality. One with a
    veto item among others has the quality P(met) × (points of the others × q + points of the veto item)/points.
    """
    out = np.empty((len(stores), len(checklist.items)))
    chance = 1 - stores["tier"].map(truth.violation).to_numpy(float)
    for k in range(len(checklist.indicators)):
        own = np.flatnonzero(checklist.item_indicator == k)
        veto = np.array([checklist.items[j].veto for j in own])
        points, wanted = checklist.points[own], quality[:, k] / 100
        if veto.all():
            out[:, own] = (wanted ** (1 / len(own)))[:, None]
            continue
        met = chance ** veto.sum()
        share = (wanted / met * points.sum() - points[veto].sum()) / points[~veto].sum()
        offsets = np.array([truth.offsets.get(checklist.items[j].id, 0.0) for j in own]) / 100
        out[:, own] = np.where(veto, chance[:, None], share[:, None] + offsets)
    return out


def _veto_only(checklist: Checklist) -> Array:
    """(indicators,) True where all items are veto items."""
    veto = np.array([item.veto for item in checklist.items])
    return np.array([veto[checklist.item_indicator == k].all() for k in range(len(checklist.indicators))])


def _inspected(expected: Expectations, rows: pd.DataFrame, inspectors: pd.DataFrame, rng: Generator) -> pd.DataFrame:
    """The visits with their answers, in the order of their days."""
    answers, _ = _answers(expected, rows, rng)
    stores, who = expected.stores.loc[rows["place"]].reset_index(drop=True), inspectors.loc[rows["who"]]
    applied = (answers != NOT_APPLICABLE).to_numpy().mean(axis=1)
    table = pd.DataFrame({
        "company": stores["company"], "store": stores["store"], "tier": stores["tier"], "region": stores["region"],
        "date": rows["date"].to_numpy("datetime64[D]").astype(str), "daypart": rows["daypart"].to_numpy(),
        "inspector": who["inspector"].to_numpy(), "agency": who["agency"].to_numpy(), "mode": rows["mode"].to_numpy(),
        "scenario": rows["scenario"].to_numpy(), "exposed": np.where(rows["exposed"], "yes", "no"),
        "double": rows["double"].to_numpy(), "second_of": [""] * len(rows), "version": expected.checklist.version,
        "minutes": 15 + np.rint(rng.gamma(3, 6, len(rows)) * applied).astype(int),
        "photos": rng.integers(4, 9, len(rows)), "characters": rng.integers(80, 260, len(rows)),
    })  # fmt: skip
    ours = bool((stores["company"] == OWN).any())
    if ours:  # they are described in a file of their own
        table = table.drop(columns=["tier", "region"])
    table.insert(0, "visit", [f"{'V' if ours else 'C'}{k:04d}" for k in range(1, len(table) + 1)])
    second = rows["first"].notna().to_numpy()
    table.loc[second, "second_of"] = table["visit"].to_numpy()[rows.loc[second, "first"].astype(int)]
    return pd.concat([table, answers], axis=1)


def _answers(expected: Expectations, rows: pd.DataFrame, rng: Generator) -> tuple[pd.DataFrame, Array]:
    """Answers as written, and (visits, items) the shares of points they earn, nan where nothing applies."""
    shares, applies = expected.shares(rows), expected.applies(rows, rng)
    names = list(expected.checklist.columns)
    drawn = [_draw(item, shares[:, j], rng) for j, item in enumerate(expected.checklist.items)]
    if "first" in rows:
        second = np.flatnonzero(rows["first"].notna())
        first = rows["first"].to_numpy()[second].astype(int)
        applies[second] = applies[first]
        for written, earned in drawn:
            alike = rng.random(len(second)) < expected.truth.seen_alike
            for values in (written, earned):
                values[second[alike]] = values[first[alike]]
    written = np.column_stack([column for column, _ in drawn])
    earned = np.column_stack([column for _, column in drawn])
    frame = pd.DataFrame(np.where(applies, written.astype(str), NOT_APPLICABLE), columns=names)
    return frame, np.where(applies, earned, np.nan)


def _draw(item: ChecklistItem, q: Array, rng: Generator) -> tuple[Array, Array]:
    """(n,) answers to one item as whole numbers, and their shares; the shares have expectation q."""
    if item.type == "yes_no":
        met = (rng.random(len(q)) < q).astype(int)
        return met, met.astype(float)
    if item.type == "graded":
        return _graded(item, q, rng)
    steps = _steps(item)
    done = rng.binomial(steps, rng.beta(q * (1 / _ROUGHNESS - 1), (1 - q) * (1 / _ROUGHNESS - 1)))
    return _number(item, done, steps, rng), done / steps


def _graded(item: ChecklistItem, q: Array, rng: Generator) -> tuple[Array, Array]:
    """Half the answers all or nothing, half on the levels next to what is expected."""
    levels = sorted(item.levels, key=lambda level: level.share)
    shares = np.array([level.share for level in levels])
    above = np.clip(np.searchsorted(shares, q, side="right"), 1, len(shares) - 1)
    near = above - (rng.random(len(q)) >= (q - shares[above - 1]) / (shares[above] - shares[above - 1]))
    ends = np.where(rng.random(len(q)) < q, len(shares) - 1, 0)
    found = np.where(rng.random(len(q)) < 0.5, ends, near)
    return np.array([level.value for level in levels])[found], shares[found]


def _steps(item: ChecklistItem) -> int:
    """How many minutes, seconds or pieces lie between no points and all."""
    if item.target is not None:
        return max(round(item.target), 1)
    limit = item.limit or 0
    return max(round((limit + 1 if item.zero_at is None else item.zero_at) - limit), 1)


def _number(item: ChecklistItem, done: Array, steps: int, rng: Generator) -> Array:
    """Minutes, seconds or counts that earn so many steps; where all or none are earned, numbers beyond that."""
    if item.target is not None:
        room = min(2, int((item.maximum or steps) - item.target))
        return np.asarray(done + np.where(done == steps, rng.integers(0, room + 1, len(done)), 0))
    limit = int(item.limit or 0)
    zero_at = limit + steps
    number = zero_at - done
    quick = rng.integers(max(limit // 5, 1) if limit else 0, limit + 1, len(done))
    slow = zero_at + rng.binomial(steps // 2, 0.3, len(done))
    return np.where(done == steps, quick, np.where(done == 0, slow, number))


# --- what a perfect study would find -------------------------------------------------------------------------


def visit_truth_table(made: SimulatedVisits) -> pd.DataFrame:
    """All that is true about the visits, one number a row.

    Frame columns: ``what, by, group, id, value, raw``. ``what`` is

    * "score" of a store (ours and the rivals'), of a tier, of the chain ("overall"), of a ``mode``: after vetoes in ``value``, before
      in ``raw``; on covert visits by the mean of all inspectors, over the planned mix of scenarios, over the whole year. Tiers and
      the chain are means over regular visits, so that stores visited twice count twice. ``id`` is "total", a category, an
      indicator, or a module.
    * "rating": what customers think of a store, 0 to 100; "weight": the customers' weights of the indicators.
    * "variance": of single visits' total scores, covert: between stores, between inspectors, and what is left.
    * "severity" of each inspector in points of the total score, and the "effect" of the agency and of announced visits.
    * "difference": own − rival in stores like these, to which all items apply; "dressed up": points that a store shows
      inspectors beyond what its customers get; "move": points that a move changed; "seen alike": share of the
      answers of double visits that both inspectors could not but see alike.
    """
    own = (made.stores["company"] == OWN).to_numpy()
    often = made.stores["visits"].to_numpy(float) * own
    scores = {mode: _Scored.of(made, mode) for mode in ("covert", "overt")}
    covert = scores["covert"]
    parts = [covert.rows("store", np.eye(len(own))[k], name) for k, name in enumerate(made.stores["store"])]
    for tier in made.stores["tier"][own].unique():
        parts.append(covert.rows("tier", often * (made.stores["tier"] == tier), tier))
    parts.append(covert.rows("overall", often, "overall"))
    parts += [scored.rows("mode", often, mode) for mode, scored in scores.items()]
    parts += [_other_truths(made, scores, often)]
    return pd.concat(parts, ignore_index=True)[["what", "by", "group", "id", "value", "raw"]]


@dataclass(frozen=True, eq=False)
class _Scored:
    """(stores, scores) expected scores after and before vetoes; the names of the scores."""

    names: tuple[str, ...]
    final: Array
    raw: Array

    @classmethod
    def of(cls, made: SimulatedVisits, mode: str, who: int | None = None) -> _Scored:
        shares = _mean_shares(made, mode, who)
        final, raw = (_combined(made, indicators) for indicators in _indicators(made, shares))
        return cls(tuple(final.columns), final.to_numpy(), raw.to_numpy())

    def rows(self, by: str, weight: Array, group: str) -> pd.DataFrame:
        """Scores of some stores together."""
        w = np.asarray(weight, dtype=float)
        there = ~np.isnan(self.final)
        whole = w @ there
        with np.errstate(invalid="ignore"):
            final, raw = ((w @ np.where(there, part, 0.0)) / whole for part in (self.final, self.raw))
        frame = pd.DataFrame({"id": self.names, "value": final, "raw": raw}).assign(what="score", by=by, group=group)
        return frame.dropna(subset=["value"])

    def total(self, weight: Array) -> float:
        """The total score of some stores together."""
        return float(self.final[:, 0] @ weight / weight.sum())


def _mean_shares(made: SimulatedVisits, mode: str, who: int | None) -> Array:
    """(stores, items) shares to expect over all inspectors (or of one), and over all days."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    expected, out = made.expected, np.zeros(made.expected.base.shape)
    team = range(len(made.inspectors)) if who is None else [who]
    for inspector in team:
        shift = expected.severity[inspector] + made.truth.occasion / 100 * nodes
        for move, weight in zip(shift, weights / 2, strict=True):
            moved = expected.base + move + (mode == "overt") * expected.overt
            out += weight * np.where(expected.fixed, expected.base, np.clip(moved, _FEWEST, _MOST)) / len(team)
    return out


def _indicators(made: SimulatedVisits, shares: Array) -> tuple[Array, Array]:
    """(stores, indicators) scores after and before vetoes to expect."""
    checklist, fixed = made.checklist, made.expected.fixed
    final = np.empty((len(shares), len(checklist.indicators)))
    raw = np.empty_like(final)
    for k in range(len(checklist.indicators)):
        own = np.flatnonzero(checklist.item_indicator == k)
        points, veto = checklist.points[own], fixed[own]
        raw[:, k] = 100 * shares[:, own] @ points / points.sum()
        met = shares[:, own[veto]].prod(axis=1)
        final[:, k] = 100 * met * (shares[:, own[~veto]] @ points[~veto] + points[veto].sum()) / points.sum()
    return final, raw


def _combined(made: SimulatedVisits, indicators: Array) -> pd.DataFrame:
    """Total, categories, modules and indicators of every store, over the planned mix of scenarios."""
    enquiries = SCENARIO_SHARES["enquiry"]
    names = made.checklist.columns
    only = np.isin(names, made.truth.purchases_only)
    frames = []
    for scenario in (True, False):
        gone = made.expected.never | (only & scenario)
        there = np.stack([~gone[:, made.checklist.item_indicator == k].all(axis=1)
                          for k in range(indicators.shape[1])], axis=1)  # fmt: skip
        frames.append(_weighed(made.checklist, np.where(there, indicators, np.nan)))
    enquiry, purchase = frames
    mixed = enquiries * enquiry + (1 - enquiries) * purchase
    return mixed.fillna(purchase)  # an indicator that only purchases show


def _weighed(checklist: Checklist, indicators: Array) -> pd.DataFrame:
    """Scores from those of the indicators, weights re-based over what is applicable."""

    def mean(weights: Array) -> Array:
        there = np.where(np.isnan(indicators), 0.0, weights)
        return np.asarray((np.nan_to_num(indicators) * there).sum(axis=1) / there.sum(axis=1))

    columns = {"total": mean(checklist.indicator_weights)}
    for k, category in enumerate(checklist.categories):
        if not category.module:
            columns[category.id] = mean(checklist.weights_within * (checklist.indicator_category == k))
    columns |= {module: mean(checklist.module_weights(module)) for module in checklist.modules}
    columns |= {each.id: indicators[:, k] for k, each in enumerate(checklist.indicators)}
    return pd.DataFrame(columns)


_Row = tuple[str, str, str, str, float]


def _other_truths(made: SimulatedVisits, scores: Mapping[str, _Scored], often: Array) -> pd.DataFrame:
    """Everything but the scores themselves."""
    truth, names = made.truth, [each.id for each in made.checklist.indicators]
    whole = scores["covert"].total(often)
    severity = np.array([_Scored.of(made, "covert", who).total(often) - whole for who in made.inspectors.index])
    rows: list[_Row] = [
        ("rating", "store", store, "total", float(rating))
        for store, rating in zip(made.stores["store"], made.ratings, strict=False)
    ]
    rows += [("weight", "customers", "overall", name, float(truth.customer_weights.get(name, 0.0))) for name in names]
    rows += _effects(made, scores, often, severity)
    variances = _variances(made, scores["covert"], severity)
    rows += [("variance", "overall", "overall", name, value) for name, value in variances.items()]
    for company in truth.rivals:
        rows += _differences(made, company)
    rows += [("move", "company", move.company, move.indicator, move.effect) for move in truth.moves]
    rows += [("dressed up", "store", store, "total", truth.dressed_up) for store in made.dressed_up]
    rows.append(("seen alike", "overall", "overall", "answers", truth.seen_alike))
    return pd.DataFrame(rows, columns=["what", "by", "group", "id", "value"])


def _effects(made: SimulatedVisits, scores: Mapping[str, _Scored], often: Array, severity: Array) -> list[_Row]:
    """How kind inspectors, agencies and announced visits are."""
    people = zip(made.inspectors["inspector"], severity, strict=True)
    rows: list[_Row] = [("severity", "inspector", name, "total", float(points)) for name, points in people]
    first = (made.inspectors["agency"] == AGENCIES[0]).to_numpy()
    apart = float(severity[first].mean() - severity[~first].mean())
    rows.append(("effect", "agency", " − ".join(AGENCIES), "total", apart))
    kinder = scores["overt"].final - scores["covert"].final
    for k, name in enumerate(scores["covert"].names):
        there = ~np.isnan(kinder[:, k]) & (often > 0)
        value = float(np.average(kinder[there, k], weights=often[there]))
        rows.append(("effect", "mode", "overt − covert", name, value))
    return rows


def _differences(made: SimulatedVisits, company: str) -> list[_Row]:
    """How far a rival lies below us, in a store to which all items apply."""
    names = tuple(each.id for each in made.checklist.indicators)
    ours = np.tile(0.0 - made.truth.effect_of(company, names), (len(made.stores), 1))
    row = _combined(made, ours)[~made.expected.never.any(axis=1)].iloc[0]
    return [("difference", "company", company, str(name), float(value)) for name, value in row.items()]


def _variances(made: SimulatedVisits, covert: _Scored, severity: Array) -> dict[str, float]:
    """Variance of covert total scores between stores and between inspectors; what is left by repeating the year."""
    own = made.stores.index[made.stores["company"] == OWN]
    rng = np.random.default_rng([made.seed, _OWN_STREAM])
    regular = made.roster[made.roster["first"].isna() & (made.roster["mode"] == "covert")]
    rows = pd.concat([regular] * _REPEATED, ignore_index=True).drop(columns="first")
    rows = rows.assign(exposed=False, occasion=rng.uniform(-1, 1, len(rows)),
                       scenario=rng.choice(list(SCENARIO_SHARES), len(rows), p=list(SCENARIO_SHARES.values())))  # fmt: skip
    _, earned = _answers(made.expected, rows, rng)
    total = score_points(PointPlan.of(made.checklist), Answers.of(earned)).final.total[:, 0]
    left = total - covert.final[rows["place"], 0] - severity[rows["who"]]
    return {
        "store": float(covert.final[own, 0].var(ddof=1)),
        "inspector": float(severity.var(ddof=1)),
        "residual": float(np.mean(left**2)),
    }


# --- the sample files --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VisitDirt:
    """What went wrong in the field: how many visits or cells of each kind, each in a visit of its own.

    Parameters
    ----------
    early : visits moved to the December before the checklist was valid
    unknown_stores : visits to a store that is not on the list
    back_too_early : an inspector back within three months
    copies : visits entered twice
    veto_not_judged : veto items answered "does not apply"
    closed : visits to a store that was closed: nothing applies
    blanks : answers left out
    wrong : answers that the item does not take
    in_words : rows in which "does not apply" is written out in Chinese
    few_photos : visits with fewer photos than asked for
    """

    early: int = 2
    unknown_stores: int = 1
    back_too_early: int = 2
    copies: int = 2
    veto_not_judged: int = 4
    closed: int = 2
    blanks: int = 6
    wrong: tuple[tuple[str, str], ...] = (("friendliness", "5"), ("uniform", "maybe"), ("wait_minutes", "-3"))
    in_words: int = 12
    few_photos: int = 8


def soiled_visits(made: SimulatedVisits, dirt: VisitDirt, seed: int) -> pd.DataFrame:
    """Our visits as they might arrive, faults in visits of their own; no double visit has one."""
    rng = np.random.default_rng([seed, _OWN_STREAM])
    table = made.visits.copy()
    items = list(made.checklist.columns)
    veto = [item.id for item in made.checklist.items if item.veto]
    plain = np.flatnonzero((table["double"] == "") & (table["exposed"] == "no"))
    rows = iter(rng.permutation(plain).tolist())
    first = table["date"].min()[:4]
    for k in range(dirt.early):
        table.loc[next(rows), "date"] = f"{int(first) - 1}-12-{27 + k}"
    for k in range(dirt.unknown_stores):
        table.loc[next(rows), "store"] = f"S{900 + k}"
    for _ in range(dirt.veto_not_judged):
        table.loc[next(rows), rng.choice(veto)] = NOT_APPLICABLE
    for _ in range(dirt.closed):
        table.loc[next(rows), items] = NOT_APPLICABLE
    for _ in range(dirt.blanks):
        table.loc[next(rows), rng.choice([name for name in items if name not in veto])] = ""
    for item, answer in dirt.wrong:
        table.loc[next(row for row in rows if table.loc[row, item] != NOT_APPLICABLE), item] = answer
    for _ in range(dirt.in_words):
        row = next(row for row in rows if (table.loc[row, items] == NOT_APPLICABLE).any())
        table.loc[row, items] = table.loc[row, items].replace(NOT_APPLICABLE, "不适用")
    for _ in range(dirt.few_photos):
        table.loc[next(rows), "photos"] = int(rng.integers(0, 4))
    for _ in range(dirt.back_too_early):
        row, before = next((row, early[0]) for row in rows if (early := _two_months_before(table, row)))
        for name in ("inspector", "agency"):
            table.loc[row, name] = str(table.loc[before, name])
    copies = [table.loc[[next(rows)]] for _ in range(dirt.copies)]
    return pd.concat([table, *copies]).sort_index(kind="stable").reset_index(drop=True)


def _two_months_before(table: pd.DataFrame, row: int) -> list[int]:
    """Visits to the same store about two months before one."""
    own = table[(table["store"] == table.loc[row, "store"]) & (table["double"] == "")]
    when = pd.to_datetime(own["date"])
    days = (when.loc[row] - when).dt.days
    return [int(k) for k in own.index[(days > 45) & (days < 75)]]


def write_visit_sample(folder: str | Path) -> None:
    """Write what inspectors found in the sample study: ``visits.csv, competitor_visits.csv, inspectors.csv, moves.csv,
    truth_visits.csv``.

    The same bytes every time. The folder's README describes every column, and the faults put into visits.csv.
    """
    made = simulate_visits(simulate_study(DEFAULT_TRUTH, SAMPLE_SEED), SAMPLE_SEED)
    truth = made.truth_table().round({"value": 4, "raw": 4})
    tables = {
        "visits.csv": soiled_visits(made, VisitDirt(), SAMPLE_SEED),
        "competitor_visits.csv": made.competitors,
        "inspectors.csv": made.inspectors,
        "moves.csv": made.moves(),
        "truth_visits.csv": truth,
    }
    for name, table in tables.items():
        content = table.to_csv(index=False, lineterminator="\n").encode("utf-8")
        write_whole(Path(folder) / name, content, keep_previous=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say which folder: python -m servqual.simulate_visits data/sample")
    write_visit_sample(sys.argv[1])
