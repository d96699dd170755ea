"""Sources with known answers: what managers, staff, standards, promises, complaints and experts say of a simulated study.

Managers believe that customers want something else than they do; standards, inspections and promises follow their own levels: so
all five gaps are known exactly. Complaints come at known rates about known things, and are dispatched and solved in known times;
experts come together around known weights. ``python -m servqual.simulate_sources data/sample`` writes the sample files.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from servqual.instruments import load_instrument
from servqual.simulate import (
    DEFAULT_TRUTH,
    SAMPLE_SEED,
    SimulatedStudy,
    Truth,
    Variation,
    draw_answers,
    mean_one,
    on_scale,
    rounded_mean,
    share_out,
    simulate_study,
    tier_counts,
)
from servqual.simulate_visits import simulate_visits
from survey_design.errors import SpecError
from survey_design.outputs import write_whole

Array = NDArray[Any]

_OWN_STREAM = 62  # beside the seed: the same seed as the study's must not repeat the luck of its stores
_POINTS = 100
_LOW, _HIGH = 1, 5  # ratings of weak links
_OPENING, _OPEN_HOURS = 8, 14  # complaints are received from 8 to 22
_NODES = 60  # of the time to dispatch, where a chance is taken over it
_SEPARATOR = ";"


# --- what is true ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handling:
    """How long a department takes, and what it promises.

    Parameters
    ----------
    dispatch, solve : median hours from received to dispatched, and from dispatched to solved
    dispatch_sd, solve_sd : standard deviations of the logarithms of these times, which are normal
    dispatch_limit, solve_limit : hours that are allowed for each
    promised : share of complaints whose customer is told a date
    days : days until that date, give or take one

    >>> round(Handling(3, 20).on_time("solve"), 3)
    0.809
    """

    dispatch: float
    solve: float
    dispatch_sd: float = 0.8
    solve_sd: float = 1.0
    dispatch_limit: float = 8
    solve_limit: float = 48
    promised: float = 0.8
    days: int = 2

    def on_time(self, stage: str) -> float:
        """Chance that a stage that is ended at all keeps its limit."""
        median, sd, limit = (getattr(self, name) for name in (stage, f"{stage}_sd", f"{stage}_limit"))
        return float(_below(np.array(limit), median, sd))

    def solved_within(self, hours: Array) -> Array:
        """Chance that dispatch and solution together take no longer than so many hours."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        first = self.dispatch * np.exp(self.dispatch_sd * nodes)
        left = np.asarray(hours, float)[..., None] - first
        return np.asarray(_below(left, self.solve, self.solve_sd) @ weights / weights.sum())


def _below(hours: Array, median: float, sd: float) -> Array:
    """Chance that a lognormal time is at most so many hours."""
    from scipy.special import ndtr

    positive = np.maximum(hours, 1e-12)
    return np.where(hours > 0, ndtr((np.log(positive) - np.log(median)) / sd), 0.0)


@dataclass(frozen=True)
class SourceTruth:
    """What is true about the sources beside customers and inspectors. Ratings are rounded latent normals, as in :class:`Truth`.

    Parameters
    ----------
    believed_by_managers, believed_by_staff : dimension or item -> latent points by which they think that customers expect more
        than customers do; those of an item and of its dimension add up
    seen_by_staff : the same for the service given: staff against customers
    variation : differences between managers, and between staff
    standards, promises : item -> latent level a customer would meet who met the standard, or the promise; items without one are absent
    reviewer_sd, reading_sd : spread of the reviewers' strictness, and of their single readings
    indicators : item -> indicators of the checklist that show whether its standard is kept
    complaint_rate : complaints a year per 100,000 customers in a tier of rate 1
    complaint_tiers : tier -> times that rate
    forgotten : share of complaints that are never solved
    handling : department -> :class:`Handling`
    weights : what experts would agree on, a share per dimension
    concentration : how near the experts are to it in the first round (of a Dirichlet distribution)
    pulls : share of an expert's first distance that is left in each round
    links : weak link -> latent mean of its ratings from 1 (very weak) to 5 (strong)
    rater_sd, link_sd : spread of the raters' leniency, and of their single ratings

    Examples
    --------
    >>> truth = SAMPLE_SOURCE_TRUTH
    >>> round(truth.level("standards", "REL5"), 2), round(truth.level("promises", "REL5"), 2)
    (5.0, 6.45)
    """

    believed_by_managers: Mapping[str, float]
    believed_by_staff: Mapping[str, float]
    seen_by_staff: Mapping[str, float]
    standards: Mapping[str, float]
    promises: Mapping[str, float]
    indicators: Mapping[str, tuple[str, ...]]
    complaint_tiers: Mapping[str, float]
    handling: Mapping[str, Handling]
    weights: tuple[float, ...]
    links: Mapping[str, float]
    variation: Variation = field(default_factory=lambda: Variation(general=0.35, dimension=0.35, item=0.5))
    reviewer_sd: float = 0.25
    reading_sd: float = 0.5
    complaint_rate: float = 3.0
    forgotten: float = 0.04
    concentration: float = 18.0
    pulls: tuple[float, ...] = (1.0, 0.55, 0.25)
    rater_sd: float = 0.3
    link_sd: float = 0.6

    def __post_init__(self) -> None:
        if not np.isclose(sum(self.weights), 1):
            raise SpecError(f"weights={self.weights} must sum to 1.")
        if not 0 <= self.forgotten < 1:
            raise SpecError(f"forgotten={self.forgotten} must lie between 0 and 1.")

    def level(self, source: str, item: str) -> float:
        """Mean rating of reviewers, who give half points, exactly: of "standards" or of "promises"."""
        scale = load_instrument(DEFAULT_TRUTH.instrument).scale
        sd = np.hypot(self.reviewer_sd, self.reading_sd)
        latent = getattr(self, source)[item]
        return float(rounded_mean(2 * latent, 2 * sd, 2 * scale.low, 2 * scale.high) / 2)

    def managers(self, customers: Truth) -> Truth:
        """What managers believe that customers expect, as a truth of its own."""
        return _shifted(customers, self.believed_by_managers, {}, self.variation)

    def staff(self, customers: Truth) -> Truth:
        """What staff believe that customers expect, and how they see the service, as a truth of its own."""
        return _shifted(customers, self.believed_by_staff, self.seen_by_staff, self.variation)


def _shifted(
    customers: Truth, expectation: Mapping[str, float], perception: Mapping[str, float], variation: Variation
) -> Truth:
    """The customers' truth with dimensions and items moved."""
    instrument = load_instrument(customers.instrument)
    dimensions, items = [each.id for each in instrument.dimensions], [each.id for each in instrument.items]
    unknown = sorted({*expectation, *perception} - {*dimensions, *items})
    if unknown:
        raise SpecError(f"the truth names {', '.join(unknown)}, which {customers.instrument} does not have.")
    moved: dict[str, Any] = {}
    for form, shifts in (("expectation", expectation), ("perception", perception)):
        by = np.array([shifts.get(name, 0.0) for name in dimensions])
        moved[form] = {group: tuple(np.array(means) + by) for group, means in getattr(customers, form).items()}
        offsets = getattr(customers, f"{form}_offsets")
        moved[f"{form}_offsets"] = {name: offsets.get(name, 0.0) + shifts.get(name, 0.0) for name in items}
        moved[f"{form}_variation"] = variation
    return replace(customers, **moved)


SAMPLE_SOURCE_TRUTH = SourceTruth(
    believed_by_managers={
        "tangibles": 0.5, "reliability": -0.7, "responsiveness": -0.6, "assurance": -0.1, "empathy": -0.3,
        "TAN2": 0.1, "REL4": 0.5, "REL5": -0.2, "RES2": 0.2, "RES3": -0.4, "ASS2": 0.1, "EMP1": 0.3, "EMP5": -0.3,
    },
    believed_by_staff={
        "tangibles": 0.2, "reliability": -0.3, "responsiveness": -0.2, "empathy": 0.1, "RES2": 0.2, "EMP4": -0.4,
    },
    seen_by_staff={
        "tangibles": -0.2, "reliability": 0.6, "responsiveness": 0.7, "assurance": 0.5, "empathy": 0.6,
        "TAN1": -0.3, "REL5": -0.3, "RES2": -0.2, "EMP1": 0.2,
    },
    standards={
        "TAN1": 5.6, "TAN2": 6.3, "TAN3": 6.4, "TAN4": 6.0, "REL1": 5.8, "REL2": 5.6, "REL3": 5.6, "REL4": 6.5, "REL5": 5.0,
        "RES1": 5.4, "RES2": 5.3, "RES4": 4.8, "ASS1": 6.0, "ASS2": 6.2, "ASS3": 5.0, "ASS4": 6.3,
        "EMP1": 6.0, "EMP3": 4.7, "EMP4": 5.2, "EMP5": 4.5,
    },
    promises={
        "TAN1": 6.0, "TAN2": 6.1, "REL1": 6.5, "REL2": 6.5, "REL3": 6.4, "REL4": 6.4, "REL5": 6.5, "RES2": 6.6, "RES4": 6.5,
        "ASS3": 6.2, "ASS4": 6.4, "EMP1": 6.2, "EMP3": 6.1, "EMP4": 6.3,
    },
    indicators={
        "TAN1": ("experience_area", "cleanliness"), "TAN2": ("cleanliness",), "TAN3": ("appearance",), "TAN4": ("image",),
        "REL1": ("consistency",), "REL3": ("solution", "handling"), "REL4": ("fair_charging",), "REL5": ("after_sales",),
        "RES1": ("initiative", "greeting"), "RES2": ("waiting",), "ASS1": ("knowledge",), "ASS2": ("affinity",),
        "ASS3": ("demonstration",), "EMP1": ("affinity", "greeting"), "EMP2": ("initiative",), "EMP3": ("selling",),
    },
    complaint_tiers={"flagship_core": 0.7, "core": 0.9, "first_tier": 1.1, "hypermarket": 1.7, "cooperative": 1.5},
    handling={
        "store": Handling(3, 20, dispatch_sd=0.9, promised=0.7, days=2),
        "billing": Handling(5, 60, solve_sd=0.9, solve_limit=72, days=3),
        "logistics": Handling(4, 44, dispatch_sd=0.7, solve_sd=0.9, solve_limit=72, promised=0.9, days=2),
        "after_sales": Handling(10, 190, dispatch_sd=0.9, dispatch_limit=12, solve_limit=240, promised=0.85, days=5),
        "customer_care": Handling(2, 26, solve_sd=0.9, promised=0.5, days=2),
    },
    weights=(0.11, 0.33, 0.26, 0.17, 0.13),
    links={
        "collection": 3.0, "voice": 2.6, "dispatch": 2.9, "work_orders": 3.3, "pressure": 2.2, "promises": 1.8, "site_service": 3.4,
    },
)  # fmt: skip


# --- who is asked ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceFieldwork:
    """Who is asked.

    Parameters
    ----------
    managers : spread over the regions by footfall
    staff : per visited store
    reviewers, promise_reviewers : people who read the standards, and the advertising
    experts, raters : people who share out points in rounds, and who rate the weak links
    start, end : complaints are received from the first moment (ISO) until the second, when the file is drawn
    """

    managers: int = 36
    staff: int = 5
    reviewers: int = 4
    promise_reviewers: int = 5
    experts: int = 12
    raters: int = 5
    start: str = "2026-01-01"
    end: str = "2027-01-01"

    def __post_init__(self) -> None:
        few = [name for name, value in vars(self).items() if isinstance(value, int) and value < 1]
        if few:
            raise SpecError(f"{', '.join(few)} must be 1 or more.")
        if np.datetime64(self.start, "D") >= np.datetime64(self.end, "D"):
            raise SpecError(f"start={self.start} must lie before end={self.end}.")


@dataclass(frozen=True, eq=False)
class SimulatedSources:
    """Sources whose right answers are known.

    Attributes
    ----------
    truth, study, seed : what they were made from
    managers, staff, standards, promises, complaints, experts, weak_links : as from clean files
    """

    truth: SourceTruth
    study: SimulatedStudy
    seed: int
    managers: pd.DataFrame
    staff: pd.DataFrame
    standards: pd.DataFrame
    promises: pd.DataFrame
    complaints: pd.DataFrame
    experts: pd.DataFrame
    weak_links: pd.DataFrame

    def truth_table(self, visit_truth: pd.DataFrame) -> pd.DataFrame:
        """What a perfect study would find: see :func:`source_truth_table`."""
        return source_truth_table(self, visit_truth)


def simulate_sources(
    study: SimulatedStudy,
    seed: int,
    *,
    truth: SourceTruth = SAMPLE_SOURCE_TRUTH,
    fieldwork: SourceFieldwork | None = None,
) -> SimulatedSources:
    """Ask everybody else: managers, staff, reviewers of standards and promises, experts; and collect a year's complaints.

    Managers and staff say what customers expect: the customers' own latent means, moved by what is misjudged. Staff of a store share
    its effect with its customers. Reviewers rate the level of each standard and promise: latent level + the reviewer's
    strictness + chance, rounded to half points. Complaints of a store are Poisson with a mean proportional to its footfall and its tier's rate.

    Parameters
    ----------
    study : a simulated study; its stores and what their customers think
    seed : the same seed gives the same sources
    truth : what is true about the sources
    fieldwork : who is asked

    Examples
    --------
    >>> made = simulate_sources(simulate_study(DEFAULT_TRUTH, seed=1), seed=1)
    >>> len(made.managers), len(made.staff), made.standards.groupby("reviewer").size().tolist()
    (36, 200, [22, 22, 22, 22])
    """
    fieldwork = fieldwork or SourceFieldwork()
    bosses, people, readers, believers, callers, wise, raters = np.random.default_rng([seed, _OWN_STREAM]).spawn(7)
    texts = source_texts()
    _check_known(truth, study, texts)
    return SimulatedSources(
        truth=truth,
        study=study,
        seed=seed,
        managers=_managers(truth, study, fieldwork.managers, bosses),
        staff=_staff(truth, study, fieldwork.staff, people),
        standards=_read_levels(truth, study, "standards", fieldwork.reviewers, texts["standards"], readers),
        promises=_read_levels(truth, study, "promises", fieldwork.promise_reviewers, texts["promises"], believers),
        complaints=_complaints(truth, study, fieldwork, texts, callers),
        experts=_experts(truth, study, fieldwork.experts, wise),
        weak_links=_weak_links(truth, fieldwork.raters, raters),
    )


def source_texts() -> dict[str, Any]:
    """The sentences of the sample study: standards, promises, complaints and actions.

    >>> source_texts()["promises"]["REL3"]["en"]
    'One visit is enough.'
    """
    path = resources.files("servqual") / "source_texts.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _check_known(truth: SourceTruth, study: SimulatedStudy, texts: Mapping[str, Any]) -> None:
    """The truth must fit the instrument, the chain, and the complaints that there are words for."""
    instrument = load_instrument(study.truth.instrument)
    items = {each.id for each in instrument.items}
    faults = [f"item {name}" for name in sorted({*truth.standards, *truth.promises, *truth.indicators} - items)]
    if len(truth.weights) != len(instrument.dimensions):
        faults.append(f"{len(truth.weights)} weights for {len(instrument.dimensions)} dimensions")
    faults += [f"no complaint_tiers for {name}" for name in sorted({*study.stores["tier"]} - {*truth.complaint_tiers})]
    departments = {case["department"] for case in texts["complaints"]}
    faults += [f"no handling for {name}" for name in sorted(departments - {*truth.handling})]
    if faults:
        raise SpecError(f"the truth does not fit {instrument.name} and the chain: {'; '.join(faults)}.")


def _managers(truth: SourceTruth, study: SimulatedStudy, n: int, rng: Generator) -> pd.DataFrame:
    footfall = study.stores.groupby("region", sort=False)["monthly_footfall"].sum()
    region = np.repeat(footfall.index.to_numpy(object), share_out(n, footfall, 1))
    answers, _ = draw_answers(truth.managers(study.truth), "expectation", region.tolist(), np.zeros(n), rng)
    names = [f"M{k:02d}" for k in range(1, n + 1)]
    return pd.concat([pd.DataFrame({"manager": names, "region": region}), answers], axis=1)


def _staff(truth: SourceTruth, study: SimulatedStudy, each: int, rng: Generator) -> pd.DataFrame:
    """Staff of the stores in which customers were interviewed, the same number in each; they stand for its customers."""
    visited = study.stores["visited"].to_numpy() == 1
    place = np.repeat(np.flatnonzero(visited), each)
    asked = study.stores.iloc[place].reset_index(drop=True)
    in_tier, seen = tier_counts(study.stores, place)
    own = truth.staff(study.truth)
    nobody = np.zeros(len(asked))
    expected, _ = draw_answers(own, "expectation", asked["region"].tolist(), nobody, rng)
    perceived, _ = draw_answers(own, "perception", asked["tier"].tolist(), study.effects[place], rng)
    who = pd.DataFrame({"staff": [f"T{k:03d}" for k in range(1, len(asked) + 1)]})
    weight = mean_one(in_tier / seen * asked["monthly_footfall"].to_numpy())
    stands = pd.DataFrame({"stores_in_tier": in_tier, "weight": weight})
    return pd.concat([who, asked[["store", "tier", "region"]], stands, expected, perceived], axis=1)


def _read_levels(
    truth: SourceTruth, study: SimulatedStudy, source: str, n: int, texts: Mapping[str, Any], rng: Generator
) -> pd.DataFrame:
    """What each reviewer reads out of each standard or promise; items without one are blank (standards) or left out (promises)."""
    instrument, levels = load_instrument(study.truth.instrument), getattr(truth, source)
    items = [each.id for each in instrument.items if each.id in levels]
    reviewers = [f"R{k}" for k in range(1, n + 1)]
    strict = np.array([levels[item] for item in items]) + truth.reviewer_sd * rng.standard_normal((n, 1))
    value = strict + truth.reading_sd * rng.standard_normal(strict.shape)
    read = on_scale(2 * value, 2 * instrument.scale.low, 2 * instrument.scale.high) / 2  # half points
    rows = pd.MultiIndex.from_product([reviewers, items], names=["reviewer", "item"])
    table = pd.DataFrame({"level": read.ravel()}, index=rows, dtype=object)
    if source == "standards":
        every = pd.MultiIndex.from_product([reviewers, [each.id for each in instrument.items]], names=rows.names)
        table = table.reindex(every).fillna("")
    table = table.reset_index()
    words = ("en", "zh") if source == "standards" else ("channel", "en", "zh")
    for k, word in enumerate(words):
        name = word if word == "channel" else f"{source.removesuffix('s')}_{word}"
        table.insert(2 + k, name, [texts.get(item, {}).get(word, "") for item in table["item"]])
    return table


def _experts(truth: SourceTruth, study: SimulatedStudy, n: int, rng: Generator) -> pd.DataFrame:
    """Whole points of each expert in each round. On average they are the true weights in every round, exactly.

    An expert begins at a share drawn around the weights and keeps a part of the distance. Whole points are
    floor(C_j + u) − floor(C_(j−1) + u) with cumulative points C and one uniform u: they sum to 100 and have the shares as mean.
    """
    weights = np.array(truth.weights)
    first = rng.dirichlet(truth.concentration * weights, n)
    names = [each.id for each in load_instrument(study.truth.instrument).dimensions]
    parts = []
    for k, pull in enumerate(truth.pulls):
        upto = np.round(_POINTS * np.cumsum(weights + pull * (first - weights), axis=1), 9)
        steps = np.floor(np.column_stack([np.zeros(n), upto]) + rng.random((n, 1)))
        points = pd.DataFrame(np.diff(steps, axis=1).astype(int), columns=names)
        points.insert(0, "expert", [f"X{j:02d}" for j in range(1, n + 1)])
        points.insert(1, "round", k + 1)
        parts.append(points)
    return pd.concat(parts, ignore_index=True)


def _weak_links(truth: SourceTruth, n: int, rng: Generator) -> pd.DataFrame:
    value = np.array(list(truth.links.values())) + truth.rater_sd * rng.standard_normal((n, 1))
    rating = on_scale(value + truth.link_sd * rng.standard_normal(value.shape), _LOW, _HIGH)
    raters = np.repeat([f"A{k}" for k in range(1, n + 1)], len(truth.links))
    return pd.DataFrame({"rater": raters, "link": list(truth.links) * n, "rating": rating.ravel()})


# --- complaints --------------------------------------------------------------------------------------------


def _complaints(
    truth: SourceTruth, study: SimulatedStudy, fieldwork: SourceFieldwork, texts: Mapping[str, Any], rng: Generator
) -> pd.DataFrame:
    """A year's complaints in the order in which they were received."""
    start, end = (np.datetime64(day, "m") for day in (fieldwork.start, fieldwork.end))
    days = int((end - start) / np.timedelta64(1, "D"))
    mean = complaints_expected(truth, study) * days / 365
    store = np.repeat(study.stores["store"].to_numpy(object), rng.poisson(mean))
    n, cases = len(store), pd.DataFrame(texts["complaints"])
    case = cases.iloc[rng.choice(len(cases), n, p=cases["share"] / cases["share"].sum())].reset_index(drop=True)
    minute = rng.integers(0, days, n) * 1440 + 60 * _OPENING + rng.integers(0, 60 * _OPEN_HOURS, n)
    received = start + minute.astype("timedelta64[m]")
    dispatched, solved = _handled(truth, case["department"], received, rng)
    promised = _promised(truth, case["department"], received, rng)
    table = pd.DataFrame({
        "date": received.astype("datetime64[D]").astype(str), "store": store, "item": case["item"], "place": case["place"],
        "phenomenon": case["phenomenon"], "text": _complaint_texts(case, texts, rng), "received": received.astype(str),
        "dispatched": np.where(dispatched < end, dispatched.astype(str), ""),
        "solved": np.where(solved < end, solved.astype(str), ""),
        "department": case["department"], "promised": promised,
    })  # fmt: skip
    table = table.iloc[np.argsort(received, kind="stable")].reset_index(drop=True)
    table.insert(0, "complaint", [f"K{k:04d}" for k in range(1, n + 1)])
    return table


def complaints_expected(truth: SourceTruth, study: SimulatedStudy) -> Array:
    """(stores,) complaints a year to expect of each store."""
    times = study.stores["tier"].map(truth.complaint_tiers).to_numpy(float)
    return np.asarray(truth.complaint_rate / 1e5 * times * 12 * study.stores["monthly_footfall"].to_numpy())


def _handled(truth: SourceTruth, department: pd.Series, received: Array, rng: Generator) -> tuple[Array, Array]:
    """When complaints were dispatched and solved; those that are forgotten long after the file was drawn."""
    whose = [truth.handling[name] for name in department]
    moments, now = [], received
    for stage in ("dispatch", "solve"):
        median, sd = (np.array([getattr(each, name) for each in whose]) for name in (stage, f"{stage}_sd"))
        hours = median * np.exp(sd * rng.standard_normal(len(received)))
        now = now + np.ceil(60 * hours).astype("timedelta64[m]")
        moments.append(now)
    never = rng.random(len(received)) < truth.forgotten
    moments[1] = np.where(never, np.datetime64("9999-01-01", "m"), moments[1])
    return moments[0], moments[1]


def _promised(truth: SourceTruth, department: pd.Series, received: Array, rng: Generator) -> Array:
    """The date that the customer was told; blank where none was."""
    whose = [truth.handling[name] for name in department]
    days = np.array([each.days for each in whose]) + rng.integers(-1, 2, len(whose))
    told = rng.random(len(whose)) < [each.promised for each in whose]
    date = received.astype("datetime64[D]") + days.astype("timedelta64[D]")
    return np.where(told, date.astype(str), "")


def _complaint_texts(case: pd.DataFrame, texts: Mapping[str, Any], rng: Generator) -> list[str]:
    """Words in Chinese or English, some with a second sentence, a few hostile."""
    out, added = [], texts["additions"]
    sentences = {language: case[language].tolist() for language in ("en", "zh")}
    for row in range(len(case)):
        language = "zh" if rng.random() < 0.6 else "en"
        sentence = str(rng.choice(sentences[language][row])).format(
            minutes=5 * rng.integers(5, 19), amount=5 * rng.integers(6, 40), days=rng.integers(3, 25), times=rng.integers(2, 6)
        )  # fmt: skip
        second = str(rng.choice(added[language])) if rng.random() < added["share"] else ""
        out.append(sentence + (" " if second and language == "en" else "") + second)
    hostile = texts["hostile"]["texts"]
    places = rng.choice(len(out), min(len(hostile), len(out)), replace=False)
    for place, text in zip(places, hostile, strict=False):
        out[place] = text
    return out


# --- what a perfect study would find -------------------------------------------------------------------------


def source_truth_table(made: SimulatedSources, visit_truth: pd.DataFrame) -> pd.DataFrame:
    """All that is true about the sources, one number a row.

    Frame columns: ``what, by, group, id, value``. ``what`` is

    * a level or a gap of an item, of a dimension or of all ("total", the mean of the dimensions): see :func:`gap_truth`;
    * "complaint_share" by item, dimension or place and phenomenon; "complaint_rate" by tier, per 100,000 customers;
    * "on_time" and "median_hours" of a department's stages; "promise_kept" of a department and of all, for the dates that these
      complaints were received and promised;
    * "expert_weight" of a dimension, "link_rating" of a weak link.

    Parameters
    ----------
    visit_truth : the table of :meth:`SimulatedVisits.truth_table`: share of the standards that is kept
    """
    rows = [gap_truth(made, visit_truth), _complaint_truth(made), _handling_truth(made)]
    names = [each.id for each in load_instrument(made.study.truth.instrument).dimensions]
    spread = np.hypot(made.truth.rater_sd, made.truth.link_sd)
    links = rounded_mean(list(made.truth.links.values()), spread, _LOW, _HIGH)
    rows += [
        _rows("expert_weight", "dimension", "overall", dict(zip(names, made.truth.weights, strict=True))),
        _rows("link_rating", "link", "overall", dict(zip(made.truth.links, links, strict=True))),
    ]
    return pd.concat(rows, ignore_index=True)[["what", "by", "group", "id", "value"]]


def _rows(what: str, by: str, group: str, values: Mapping[Any, Any] | pd.Series) -> pd.DataFrame:
    series = pd.Series(values)
    return pd.DataFrame({"what": what, "by": by, "group": group, "id": series.index, "value": series.to_numpy()})


def gap_truth(made: SimulatedSources, visit_truth: pd.DataFrame) -> pd.DataFrame:
    """True levels and gaps of every item, dimension and of all, on the items' scale.

    ``what`` is a level: "expected", "believed" (by managers), "standard", "kept" (0 to 1), "delivered" = low + kept × (standard −
    low), "perceived", "promised", "staff_believed", "staff_seen"; or a gap, negative where quality is lost: "knowledge" = believed
    − expected, "standards" = standard − believed, "delivery" = delivered − standard, "perception" = perceived − delivered,
    "customer" = perceived − expected, "communication" = delivered − promised; "staff_knowledge" = staff_believed − expected,
    "staff_perception" = staff_seen − perceived.

    ``group`` of a dimension is "all" (the mean of its items that have the number) or "measured" (of its items that have all of
    expected, believed, standard, kept and perceived: only there do the gaps add up). A store counts by its footfall, as it turned
    out to be; ``kept`` is what inspections of the stores aim at.
    """
    items = _item_truth(made, visit_truth)
    dimension = pd.Series({each.id: each.dimension for each in load_instrument(made.study.truth.instrument).items})
    whole = items[["expected", "believed", "standard", "kept", "perceived"]].notna().all(axis=1)
    parts = [(items, "item", "all")]
    for group, table in (("all", items), ("measured", items[whole])):
        means = table.groupby(dimension.loc[table.index], sort=False).mean()
        parts += [(means, "dimension", group), (means.mean().to_frame("mean").T, "total", group)]
    long = [_rows(str(what), by, group, table[what].dropna()) for table, by, group in parts for what in table]
    return pd.concat(long, ignore_index=True)


def _item_truth(made: SimulatedSources, visit_truth: pd.DataFrame) -> pd.DataFrame:
    """(items, levels and gaps), nan where there is none."""
    truth, study = made.truth, made.study
    instrument = load_instrument(study.truth.instrument)
    names = [each.id for each in instrument.items]
    overall = study.truth_table().query("by == 'overall' and what == 'item'").set_index("id")
    scores = visit_truth.query("what == 'score' and by == 'overall'").set_index("id")["value"] / 100
    staff, footfall = truth.staff(study.truth), study.stores["monthly_footfall"].to_numpy(float)
    tiers, regions = study.stores["tier"].tolist(), study.stores["region"].tolist()
    managers = truth.managers(study.truth).expected_ratings("expectation", made.managers["region"].tolist())
    table = pd.DataFrame({
        "expected": overall["expectation"], "perceived": overall["perception_these_stores"],
        "believed": pd.Series(managers.mean(axis=0), names),
        "standard": pd.Series({name: truth.level("standards", name) for name in truth.standards}),
        "kept": pd.Series({name: scores[list(ids)].mean() for name, ids in truth.indicators.items()}),
        "promised": pd.Series({name: truth.level("promises", name) for name in truth.promises}),
        "staff_believed": pd.Series(np.average(staff.expected_ratings("expectation", regions), axis=0, weights=footfall), names),
        "staff_seen": pd.Series(
            np.average(staff.expected_ratings("perception", tiers, study.effects), axis=0, weights=footfall), names),
    }).loc[names]  # fmt: skip
    low = instrument.scale.low
    delivered = low + table["kept"] * (table["standard"] - low)
    return table.assign(
        delivered=delivered,
        knowledge=table["believed"] - table["expected"],
        standards=table["standard"] - table["believed"],
        delivery=delivered - table["standard"],
        perception=table["perceived"] - delivered,
        customer=table["perceived"] - table["expected"],
        communication=delivered - table["promised"],
        staff_knowledge=table["staff_believed"] - table["expected"],
        staff_perception=table["staff_seen"] - table["perceived"],
    )


def _complaint_truth(made: SimulatedSources) -> pd.DataFrame:
    """What complaints are about, and how many there are to expect."""
    cases = pd.DataFrame(source_texts()["complaints"])
    share = cases["share"] / cases["share"].sum()
    instrument = load_instrument(made.study.truth.instrument)
    of_item = share.groupby(cases["item"]).sum().reindex([each.id for each in instrument.items], fill_value=0.0)
    of_dimension = of_item.groupby([each.dimension for each in instrument.items], sort=False).sum()
    cluster = share.groupby(cases["place"] + " × " + cases["phenomenon"]).sum().sort_values(ascending=False)
    stores = made.study.stores.assign(complaints=complaints_expected(made.truth, made.study))
    tiers = stores.groupby("tier", sort=False)[["complaints", "monthly_footfall"]].sum()
    tiers.loc["overall"] = tiers.sum()
    rate = 1e5 * tiers["complaints"] / (12 * tiers["monthly_footfall"])
    rates = pd.DataFrame({"what": "complaint_rate", "by": "tier", "group": rate.index, "id": "all", "value": rate})
    parts = {"item": of_item, "dimension": of_dimension, "cluster": cluster}
    shares = [_rows("complaint_share", by, "overall", values) for by, values in parts.items()]
    return pd.concat([*shares, rates], ignore_index=True)


def _handling_truth(made: SimulatedSources) -> pd.DataFrame:
    """How long departments take, whether they keep their limits, and what becomes of their promises."""
    rows, ended = [], 1 - made.truth.forgotten
    for name, handling in made.truth.handling.items():
        on_time = {"dispatch": handling.on_time("dispatch"), "solve": ended * handling.on_time("solve")}
        rows.append(_rows("on_time", "department", name, on_time))
        rows.append(_rows("median_hours", "department", name, {"dispatch": handling.dispatch, "solve": handling.solve}))
    told = made.complaints[made.complaints["promised"] != ""]
    until = pd.to_datetime(told["promised"]) + pd.Timedelta(days=1) - pd.to_datetime(told["received"])
    hours = (until / pd.Timedelta(hours=1)).to_numpy(float)
    kept = np.empty(len(told))
    for name, handling in made.truth.handling.items():
        own = (told["department"] == name).to_numpy()
        kept[own] = ended * handling.solved_within(hours[own])
        rows.append(_rows("promise_kept", "department", name, {"all": kept[own].mean()}))
    rows.append(_rows("promise_kept", "overall", "overall", {"all": kept.mean()}))
    return pd.concat(rows, ignore_index=True)


# --- the sample files --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComplaintDirt:
    """What went wrong where complaints were written down, each fault in a complaint of its own.

    Parameters
    ----------
    copies : complaints entered twice
    unknown_stores, unknown_items : complaints about a store or an item that is not on the list
    no_item : complaints that nobody assigned to an item
    solved_too_early : solved before they were received
    """

    copies: int = 2
    unknown_stores: int = 1
    unknown_items: int = 1
    no_item: int = 3
    solved_too_early: int = 2


def soiled_complaints(made: SimulatedSources, dirt: ComplaintDirt, seed: int) -> pd.DataFrame:
    """The complaints as they might arrive."""
    rng = np.random.default_rng([seed, _OWN_STREAM])
    table = made.complaints.copy()
    ended = rng.permutation(np.flatnonzero(table["solved"] != "")).tolist()
    rows = iter(ended)
    for k in range(dirt.unknown_stores):
        table.loc[next(rows), "store"] = f"S{900 + k}"
    for _ in range(dirt.unknown_items):
        table.loc[next(rows), "item"] = "PRICE"
    for _ in range(dirt.no_item):
        table.loc[next(rows), "item"] = ""
    for _ in range(dirt.solved_too_early):
        row = next(rows)
        table.loc[row, "solved"] = str(np.datetime64(table.loc[row, "received"], "m") - np.timedelta64(3, "D"))
    copies = [table.loc[[next(rows)]] for _ in range(dirt.copies)]
    return pd.concat([table, *copies]).sort_index(kind="stable").reset_index(drop=True)


def sample_actions() -> pd.DataFrame:
    """What the chain could do, what it costs, and what it is thought to bring: estimates without a truth behind them.

    >>> actions = sample_actions()
    >>> len(actions), int(actions["cost"].sum())
    (14, 8050000)
    """
    rows = []
    for each in source_texts()["actions"]:
        gain, low, high = each["gain"]
        excludes = _SEPARATOR.join(each.get("excludes", []))
        rows.append([each["action"], each["en"], each["zh"], each["target"], each["owner"], each["cost"], gain, low, high,
                     each["reach"], each.get("needs", ""), excludes])  # fmt: skip
    columns = [
        "action",
        "label_en",
        "label_zh",
        "target",
        "owner",
        "cost",
        "gain",
        "gain_low",
        "gain_high",
        "reach",
        "needs",
    ]
    return pd.DataFrame(rows, columns=[*columns, "excludes"])


def write_source_sample(folder: str | Path) -> None:
    """Write what other sources say of the sample study: ``managers.csv, staff.csv, standards.csv, promises.csv, complaints.csv,
    experts.csv, actions.csv, weak_links.csv, truth_sources.csv``.

    The same bytes every time. The folder's README describes every column, and the faults put into complaints.csv.
    """
    study = simulate_study(DEFAULT_TRUTH, SAMPLE_SEED)
    made = simulate_sources(study, SAMPLE_SEED)
    visits = simulate_visits(study, SAMPLE_SEED).truth_table()
    tables = {
        "managers.csv": made.managers,
        "staff.csv": made.staff,
        "standards.csv": made.standards,
        "promises.csv": made.promises,
        "complaints.csv": soiled_complaints(made, ComplaintDirt(), SAMPLE_SEED),
        "experts.csv": made.experts,
        "actions.csv": sample_actions(),
        "weak_links.csv": made.weak_links,
        "truth_sources.csv": made.truth_table(visits).round({"value": 4}),
    }
    for name, table in tables.items():
        content = table.to_csv(index=False, lineterminator="\n").encode("utf-8")
        write_whole(Path(folder) / name, content, keep_previous=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say which folder: python -m servqual.simulate_sources data/sample")
    write_source_sample(sys.argv[1])
