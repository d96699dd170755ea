"""Studies with known answers: for tests, for teaching, and to see what a plan would find before paying for it.

A fictional chain of 120 stores is surveyed as the toolkit assumes: customers from a list say what they expect,
other customers leaving the stores say what they got. Every rating is a latent normal value, rounded and kept on
the scale, so its mean in the population is known exactly (:func:`rounded_mean`) and an estimate can be held
against it. ``python -m servqual.simulate data/sample`` writes the sample study.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from servqual.instruments import Instrument, load_instrument
from survey_design.errors import SpecError, check_choice

Array = NDArray[Any]
Asked = Literal["expectation", "perception"]

SAMPLE_SEED = 7
_CHAIN_SEED = 1
_OUTCOME_NOISE = 0.1  # standard deviation of an outcome around the customer's view, as a share of its scale
_POINTS = 5  # importance is given in steps of five points
_COMMENTED = 16  # every 16th customer leaves a comment


# --- what is true ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variation:
    """Why ratings of customers with the same store differ: three independent sources, as standard deviations.

    Parameters
    ----------
    general : what a customer thinks of everything alike
    dimension : what a customer thinks of one dimension; without it the five would be one
    item : what is left, anew for every item

    >>> round(Variation(general=0.3, dimension=0.4, item=1.2).variance, 2)
    1.69
    """

    general: float
    dimension: float
    item: float

    @property
    def variance(self) -> float:
        return self.general**2 + self.dimension**2 + self.item**2


@dataclass(frozen=True)
class Truth:
    """What is true in a simulated world, before anybody is asked.

    The latent rating of an item is its dimension's mean (by tier or region) plus the item's offset, plus, for
    perceptions, the store's effect, plus the three parts of :class:`Variation`. The answer is that value rounded to
    the nearest point of the scale.

    Parameters
    ----------
    instrument : name of the instrument that is asked
    perception : tier -> latent mean of each dimension, in the instrument's order
    expectation : region -> latent mean of each dimension
    perception_offsets, expectation_offsets : item id -> distance from its dimension's mean, 0 where not named
    perception_variation, expectation_variation : differences between customers
    store_sd : standard deviation of the stores' effects; they are 0 on average over all stores there might be
    importance : share of 100 points customers give each dimension, on average
    drivers : weight of each dimension in what customers think of the whole

    Examples
    --------
    >>> truth = DEFAULT_TRUTH
    >>> round(truth.expected_rating("perception", "core", "REL2"), 3)
    5.16
    >>> round(truth.expected_rating("expectation", "east", "REL2"), 3)
    6.353
    """

    instrument: str
    perception: Mapping[str, tuple[float, ...]]
    expectation: Mapping[str, tuple[float, ...]]
    perception_offsets: Mapping[str, float]
    expectation_offsets: Mapping[str, float]
    perception_variation: Variation
    expectation_variation: Variation
    store_sd: float
    importance: tuple[float, ...]
    drivers: tuple[float, ...]

    def __post_init__(self) -> None:
        dimensions = len(_instrument(self.instrument).dimensions)
        lists = {**self.perception, **self.expectation, "importance": self.importance, "drivers": self.drivers}
        for name, values in lists.items():
            if len(values) != dimensions:
                raise SpecError(f"truth '{name}' has {len(values)} values, {self.instrument} {dimensions} dimensions.")
        for name in ("importance", "drivers"):
            if not np.isclose(sum(getattr(self, name)), 1):
                raise SpecError(f"truth {name}={getattr(self, name)} must sum to 1.")

    def latent(self, form: Asked, group: str) -> Array:
        """(items,) latent mean of every item in a tier (perception) or a region (expectation)."""
        check_choice("form", form, Asked)
        means, offsets = getattr(self, form), getattr(self, f"{form}_offsets")
        if group not in means:
            raise SpecError(f"no true {form} for '{group}'. There is one for {', '.join(means)}.")
        of_dimension = np.array(means[group])[_dimension_of_item(self.instrument)]
        return of_dimension + [offsets.get(item.id, 0.0) for item in _instrument(self.instrument).items]

    def expected_ratings(self, form: Asked, groups: Sequence[str], effects: Array | None = None) -> Array:
        """(groups, items) mean rating in the population.

        Without ``effects`` it is the mean over all stores there might be; with one effect per group, the mean
        of the customers of those very stores.
        """
        latent = {group: self.latent(form, group) for group in dict.fromkeys(groups)}
        mean = np.array([latent[group] for group in groups])
        variance = getattr(self, f"{form}_variation").variance
        if effects is not None:
            mean = mean + effects[:, None]
        elif form == "perception":
            variance += self.store_sd**2
        scale = _instrument(self.instrument).scale
        return rounded_mean(mean, np.sqrt(variance), scale.low, scale.high)

    def expected_rating(self, form: Asked, group: str, item: str) -> float:
        """Mean rating of one item in a tier (perception) or a region (expectation), exactly."""
        items = _instrument(self.instrument).items
        position = items.index(_instrument(self.instrument).item(item))
        return float(self.expected_ratings(form, [group])[0, position])


def rounded_mean(mean: ArrayLike, sd: ArrayLike, low: int = 1, high: int = 7) -> Array:
    """Mean of a normal value that is rounded to whole numbers and kept between ``low`` and ``high``.

    An answer exceeds c when the value exceeds c + 1/2, so the mean is ``low + sum_c Phi((mean - c - 1/2) / sd)`` over
    c = low, ..., high - 1. Near an end of the scale the mean rating is pulled inwards: a ceiling.

    >>> rounded_mean([4.0, 6.5], 1.0).round(3).tolist()
    [4.0, 6.317]
    """
    from scipy.special import ndtr

    thresholds = np.arange(low, high) + 0.5
    distance = np.asarray(mean, float)[..., None] - thresholds
    return low + ndtr(distance / np.asarray(sd, float)[..., None]).sum(axis=-1)


@lru_cache
def _instrument(name: str) -> Instrument:
    return load_instrument(name)


def _dimension_of_item(name: str) -> Array:
    """(items,) position of each item's dimension."""
    order = {dimension.id: k for k, dimension in enumerate(_instrument(name).dimensions)}
    return np.array([order[item.dimension] for item in _instrument(name).items])


_PERCEPTION_OFFSETS: Mapping[str, float] = {
    "TAN1": -0.4, "TAN2": 0.3, "TAN4": 0.1, "REL2": -0.1, "REL3": -0.2, "REL4": 0.6, "REL5": -0.3,
    "RES1": 0.3, "RES2": -0.5, "RES3": 0.2, "ASS2": 0.3, "ASS3": -0.4, "ASS4": 0.1,
    "EMP1": 0.4, "EMP3": -0.3, "EMP4": 0.1, "EMP5": -0.2,
}  # fmt: skip
_EXPECTATION_OFFSETS: Mapping[str, float] = {
    "TAN1": -0.1, "TAN2": 0.2, "TAN3": -0.2, "TAN4": 0.1, "REL2": -0.1, "REL3": -0.1, "REL4": 0.2,
    "RES1": -0.2, "RES2": 0.3, "RES3": -0.1, "ASS1": -0.1, "ASS4": 0.1, "EMP1": 0.1, "EMP5": -0.1,
}  # fmt: skip
DEFAULT_TRUTH = Truth(
    instrument="servqual-22",
    perception={  # tangibles, reliability, responsiveness, assurance, empathy
        "flagship_core": (6.3, 5.6, 5.6, 6.0, 5.7),
        "core": (6.0, 5.3, 5.5, 5.8, 5.5),
        "first_tier": (5.6, 5.0, 5.3, 5.6, 5.4),
        "hypermarket": (5.3, 4.8, 4.5, 5.3, 4.8),
        "cooperative": (4.7, 4.3, 4.9, 5.0, 5.3),
    },
    expectation={
        "east": (5.8, 6.6, 6.3, 6.3, 5.9),
        "south": (5.7, 6.5, 6.2, 6.2, 5.8),
        "north": (5.5, 6.3, 6.0, 6.2, 5.7),
        "west": (5.3, 6.2, 5.8, 6.0, 5.6),
    },
    perception_offsets=_PERCEPTION_OFFSETS,
    expectation_offsets=_EXPECTATION_OFFSETS,
    perception_variation=Variation(general=0.6, dimension=0.7, item=0.8),
    expectation_variation=Variation(general=0.45, dimension=0.5, item=0.6),
    store_sd=0.36,
    importance=(0.12, 0.31, 0.24, 0.18, 0.15),
    drivers=(0.10, 0.35, 0.25, 0.20, 0.10),
)


def truth_table(truth: Truth, chain: pd.DataFrame, effects: Array | None = None) -> pd.DataFrame:
    """True expectation, perception and gap of every dimension and item, overall, by tier and by area type.

    The population is visits: a store counts by its footfall, visited by interviewers or not. The perception of a
    group is the footfall-weighted mean of its stores; its expectation is that of the regions its customers come
    from.

    Parameters
    ----------
    chain : DataFrame
        All stores, as from :func:`fictional_chain`.
    effects : (stores,) array, optional
        What the stores really turned out to be. Two columns then say what is true of *these* stores beside what
        is true of stores *like* these: where all stores of a tier are visited, the interval is about the former.

    Returns
    -------
    DataFrame
        ``by, group, what, id, expectation, perception, gap`` and, with effects, ``perception_these_stores,
        gap_these_stores``. ``what`` is "dimension", "item" or "total" (the mean of the dimensions).

    Examples
    --------
    >>> table = truth_table(DEFAULT_TRUTH, fictional_chain())
    >>> table.query("by == 'overall' and what == 'dimension'").set_index("id")["gap"].round(2).to_dict()
    {'tangibles': -0.07, 'reliability': -1.3, 'responsiveness': -0.93, 'assurance': -0.63, 'empathy': -0.49}
    """
    of_stores = {
        "expectation": truth.expected_ratings("expectation", chain["region"].tolist()),
        "perception": truth.expected_ratings("perception", chain["tier"].tolist()),
    }
    if effects is not None:
        of_stores["perception_these_stores"] = truth.expected_ratings("perception", chain["tier"].tolist(), effects)
    parts = []
    for by, group, inside in _groups(chain):
        weight = chain["monthly_footfall"].to_numpy(float) * inside
        part = _rows_of_truth(truth.instrument).assign(by=by, group=group)
        for name, means in of_stores.items():
            part[name] = _with_totals(weight @ means / weight.sum(), truth.instrument)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["gap"] = table["perception"] - table["expectation"]
    columns = ["by", "group", "what", "id", "expectation", "perception", "gap"]
    if effects is not None:
        table["gap_these_stores"] = table["perception_these_stores"] - table["expectation"]
        columns += ["perception_these_stores", "gap_these_stores"]
    return table[columns]


def _groups(chain: pd.DataFrame) -> Iterator[tuple[str, str, Array]]:
    yield "overall", "overall", np.ones(len(chain))
    for by in ("tier", "area_type"):
        for group in chain[by].unique():
            yield by, group, (chain[by] == group).to_numpy(float)


def _with_totals(of_items: Array, instrument: str) -> Array:
    dimension = _dimension_of_item(instrument)
    of_dimensions = np.bincount(dimension, weights=of_items) / np.bincount(dimension)
    return np.concatenate([of_dimensions, [of_dimensions.mean()], of_items])


def _rows_of_truth(name: str) -> pd.DataFrame:
    dimensions = [("dimension", dimension.id) for dimension in _instrument(name).dimensions]
    items = [("item", item.id) for item in _instrument(name).items]
    return pd.DataFrame([*dimensions, ("total", "mean"), *items], columns=["what", "id"])


# --- the chain and the plan --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tier:
    """A tier of the fictional chain: its stores, how many of them are visited, their size and their surroundings."""

    name: str
    stores: int
    visited: int
    footfall: int
    areas: Mapping[str, float]


TIERS = (
    Tier("flagship_core", 4, 4, 30_000, {"commercial": 0.75, "residential": 0.25}),
    Tier("core", 16, 8, 14_000, {"commercial": 0.55, "residential": 0.35, "industrial": 0.1}),
    Tier("first_tier", 40, 12, 7_000, {"commercial": 0.3, "residential": 0.45, "industrial": 0.25}),
    Tier("hypermarket", 24, 7, 9_000, {"hypermarket_store": 1.0}),
    Tier("cooperative", 36, 9, 2_500, {"commercial": 0.15, "residential": 0.5, "industrial": 0.35}),
)
REGIONS: Mapping[str, float] = {"east": 0.32, "south": 0.28, "north": 0.22, "west": 0.18}


def fictional_chain(seed: int = _CHAIN_SEED) -> pd.DataFrame:
    """The 120 stores of a chain that does not exist, one row each: the sampling frame.

    >>> chain = fictional_chain()
    >>> chain["tier"].value_counts(sort=False).to_dict()
    {'flagship_core': 4, 'core': 16, 'first_tier': 40, 'hypermarket': 24, 'cooperative': 36}
    """
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {
                "tier": tier.name,
                "area_type": _pick(rng, tier.areas, tier.stores),
                "region": _pick(rng, REGIONS, tier.stores),
                "monthly_footfall": 10 * np.rint(tier.footfall * np.exp(0.3 * rng.standard_normal(tier.stores)) / 10),
            }
        )
        for tier in TIERS
    ]
    chain = pd.concat(parts, ignore_index=True).astype({"monthly_footfall": int})
    chain.insert(0, "store", [f"S{k:03d}" for k in range(1, len(chain) + 1)])
    return chain


# Shares of a week's customers: by day from Monday, and by hour of leaving from 10 to 20 in each kind of area.
_DAYS: Mapping[str, float] = {"Mon": 0.12, "Tue": 0.12, "Wed": 0.12, "Thu": 0.13, "Fri": 0.15, "Sat": 0.19, "Sun": 0.17}
_HOURS: Mapping[str, tuple[float, ...]] = {
    "residential": (0.07, 0.08, 0.07, 0.06, 0.07, 0.08, 0.10, 0.14, 0.18, 0.15),
    "commercial": (0.05, 0.08, 0.12, 0.11, 0.10, 0.10, 0.11, 0.12, 0.12, 0.09),
    "industrial": (0.04, 0.06, 0.17, 0.12, 0.06, 0.06, 0.09, 0.18, 0.14, 0.08),
    "hypermarket_store": (0.08, 0.10, 0.10, 0.08, 0.08, 0.10, 0.12, 0.13, 0.12, 0.09),
}
_OPENING = 10
_WEEKS = 52 / 12  # in a month


def hourly_footfall(chain: pd.DataFrame) -> pd.DataFrame:
    """Customers leaving each store in each hour of a typical week: what a plan of exit interviews starts from.

    A week holds 12/52 of ``monthly_footfall``, to the nearest whole customer. Weekends and, depending on the kind of
    area, noon or evening are busier; no hour is empty.

    Parameters
    ----------
    chain : DataFrame with ``store, area_type, monthly_footfall``, as from :func:`fictional_chain`

    Returns
    -------
    DataFrame
        ``store, day, hour, leavers``: days are Mon to Sun, hour 10 is from 10 to 11.

    Examples
    --------
    >>> chain = fictional_chain()
    >>> week = hourly_footfall(chain).groupby("store")["leavers"].sum()
    >>> int(week["S001"]), int(chain["monthly_footfall"][0] * 12 / 52)
    (7724, 7723)
    """
    tables = []
    for store, area, monthly in chain[["store", "area_type", "monthly_footfall"]].itertuples(index=False):
        shares = np.outer(list(_DAYS.values()), _HOURS[str(area)]).ravel()
        leavers = share_out(round(monthly / _WEEKS), shares, at_least=1)
        hours = np.tile(np.arange(_OPENING, _OPENING + len(_HOURS[str(area)])), len(_DAYS))
        days = np.repeat(list(_DAYS), len(_HOURS[str(area)]))
        tables.append(pd.DataFrame({"store": store, "day": days, "hour": hours, "leavers": leavers}))
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class Fieldwork:
    """How much is asked, and where.

    Parameters
    ----------
    visited : tier -> stores visited, drawn at random within the tier
    interviews : exit interviews, shared out over the visited stores by footfall
    at_least : interviews in a store, however small
    expectation : customers asked what they expect, the same number in every region
    """

    visited: Mapping[str, int] = field(default_factory=lambda: {tier.name: tier.visited for tier in TIERS})
    interviews: int = 900
    at_least: int = 5
    expectation: int = 400

    def __post_init__(self) -> None:
        if self.interviews < self.at_least * sum(self.visited.values()):
            raise SpecError(
                f"interviews={self.interviews} are too few for {sum(self.visited.values())} stores with at least "
                f"{self.at_least} each. Ask more customers, or visit fewer stores."
            )


def share_out(total: int, sizes: ArrayLike, at_least: int) -> Array:
    """Whole numbers that sum to ``total``, in proportion to ``sizes`` but none below ``at_least``.

    Stores that their share would leave below the floor get the floor; the rest is shared among the others, fractions
    going to the largest remainders.

    >>> share_out(30, [1000, 3000, 8000], at_least=5).tolist()
    [5, 7, 18]
    """
    size = np.asarray(sizes, float)
    if total < at_least * len(size):
        raise SpecError(f"{total} cannot be shared out over {len(size)} with at least {at_least} each.")
    floored = np.zeros(len(size), bool)
    while True:
        share = np.where(floored, at_least, 0.0)
        share[~floored] = (total - at_least * floored.sum()) * size[~floored] / size[~floored].sum()
        if not (share < at_least).any():
            break
        floored |= share < at_least
    whole = np.floor(share + 1e-9).astype(int)
    left = total - whole.sum()
    whole[np.argsort(whole - share, kind="stable")[:left]] += 1
    return whole


# --- the study ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SimulatedStudy:
    """A study whose right answers are known.

    Attributes
    ----------
    truth, seed : what it was made from
    stores : all stores of the chain, with ``visited`` (0/1) and ``interviews``
    effects : (stores,) latent effect of each store, which no survey sees
    expectation, intercept : answers of the two surveys, as they would be read from a clean file

    Examples
    --------
    >>> study = simulate_study(DEFAULT_TRUTH, seed=1)
    >>> int(study.stores["visited"].sum()), len(study.intercept), len(study.expectation)
    (40, 900, 400)
    """

    truth: Truth
    seed: int
    stores: pd.DataFrame
    effects: Array
    expectation: pd.DataFrame
    intercept: pd.DataFrame

    def truth_table(self) -> pd.DataFrame:
        """What the study should find: see :func:`truth_table`."""
        return truth_table(self.truth, self.stores, self.effects)


def simulate_study(
    truth: Truth, seed: int, *, chain: pd.DataFrame | None = None, fieldwork: Fieldwork | None = None
) -> SimulatedStudy:
    """Draw the stores, ask the customers, weigh them.

    Stores are a simple random sample within their tier, interviews in them follow footfall, and a respondent stands
    for (stores in tier / stores visited in tier) x (footfall / interviews in the store) visits. Expectations come from
    other people: equal numbers per region, weighted by the region's share of footfall. Weights have mean 1.

    Ratings depend on tier, region and store only. Sex, age, segment, product, weekday, daypart, minutes and visits
    have no influence, so that a difference found between them is chance.

    Parameters
    ----------
    truth : Truth
        What is true; :data:`DEFAULT_TRUTH` is that of the sample study.
    seed : int
        The same seed gives the same study.
    chain : DataFrame, optional
        The stores, :func:`fictional_chain` if left out.
    fieldwork : Fieldwork, optional
        How many stores and customers.

    Examples
    --------
    >>> study = simulate_study(DEFAULT_TRUTH, seed=1, fieldwork=Fieldwork(interviews=250, expectation=80))
    >>> rated = np.average(study.intercept["P_REL2"], weights=study.intercept["weight"])
    >>> true = study.truth_table().query("by == 'overall' and id == 'REL2'")["perception"].item()
    >>> print(f"estimated {rated:.2f}, true {true:.2f}")
    estimated 4.81, true 4.92
    """
    chain, fieldwork = (fictional_chain() if chain is None else chain), fieldwork or Fieldwork()
    luck, draw, leavers, listed = np.random.default_rng(seed).spawn(4)
    effects = truth.store_sd * luck.standard_normal(len(chain))
    stores = _visit(chain, fieldwork, draw)
    return SimulatedStudy(
        truth=truth,
        seed=seed,
        stores=stores,
        effects=effects,
        expectation=_ask_expectation(truth, chain, fieldwork.expectation, listed),
        intercept=_ask_leavers(truth, stores, effects, leavers),
    )


def _visit(chain: pd.DataFrame, fieldwork: Fieldwork, rng: Generator) -> pd.DataFrame:
    visited = np.zeros(len(chain), int)
    for tier, rows in chain.groupby("tier", sort=False).indices.items():
        n = fieldwork.visited.get(str(tier), 0)
        if not 1 <= n <= len(rows):
            raise SpecError(f"visited['{tier}']={n} must lie between 1 and its {len(rows)} stores.")
        visited[rng.choice(rows, n, replace=False)] = 1
    interviews = np.zeros(len(chain), int)
    footfall = chain["monthly_footfall"].to_numpy()[visited == 1]
    interviews[visited == 1] = share_out(fieldwork.interviews, footfall, fieldwork.at_least)
    return chain.assign(visited=visited, interviews=interviews)


def _ask_leavers(truth: Truth, stores: pd.DataFrame, effects: Array, rng: Generator) -> pd.DataFrame:
    """Exit interviews, store by store."""
    store = np.repeat(np.arange(len(stores)), stores["interviews"])
    asked = stores.iloc[store].reset_index(drop=True)
    n = len(asked)
    answers, views = draw_answers(truth, "perception", asked["tier"].tolist(), effects[store], rng)
    in_tier, visited = tier_counts(stores, store)
    stands_for = in_tier / visited * (asked["monthly_footfall"] / asked["interviews"]).to_numpy()
    return pd.concat(
        [
            pd.DataFrame({"respondent": [f"P{k:04d}" for k in range(1, n + 1)]}),
            asked[["store", "tier", "area_type", "region"]],
            pd.DataFrame({"stores_in_tier": in_tier, "weight": mean_one(stands_for)}),
            pd.DataFrame({name: _pick(rng, shares, n) for name, shares in {**_OCCASION, **_PERSON}.items()}),
            pd.DataFrame({"minutes_in_store": np.minimum(90, 3 + rng.gamma(2, 6, n).astype(int)),
                          "visits_per_month": 1 + rng.poisson(0.6, n)}),
            answers,
            _outcomes(truth, views, rng),
            pd.DataFrame({"comment": _comments(n, rng)}),
        ],
        axis=1,
    )  # fmt: skip


def tier_counts(stores: pd.DataFrame, place: Array) -> tuple[Array, Array]:
    """(n,) stores in the tier of each person's store, and how many of them were visited."""
    of_tier = stores.groupby("tier")["visited"]
    in_tier, visited = (of_tier.transform(how).to_numpy()[place] for how in ("size", "sum"))
    return in_tier, visited


def _ask_expectation(truth: Truth, chain: pd.DataFrame, total: int, rng: Generator) -> pd.DataFrame:
    """Customers drawn from a list, region by region."""
    footfall = chain.groupby("region", sort=False)["monthly_footfall"].sum()
    n = share_out(total, np.ones(len(footfall)), 1)
    region = np.repeat(footfall.index.to_numpy(object), n)
    answers, _ = draw_answers(truth, "expectation", region.tolist(), np.zeros(total), rng)
    points = _importance(truth, total, rng)
    return pd.concat(
        [
            pd.DataFrame({"respondent": [f"E{k:04d}" for k in range(1, total + 1)], "region": region}),
            pd.DataFrame({"weight": mean_one(np.repeat(footfall.to_numpy() / n, n))}),
            pd.DataFrame({name: _pick(rng, shares, total) for name, shares in _PERSON.items()}),
            answers,
            points,
        ],
        axis=1,
    )


def draw_answers(
    truth: Truth, form: Asked, groups: Sequence[str], effects: Array, rng: Generator
) -> tuple[pd.DataFrame, Array]:
    """Ratings of every item, and (n, dimensions) what lies behind them: each customer's view of each dimension."""
    instrument, dimension = _instrument(truth.instrument), _dimension_of_item(truth.instrument)
    n, variation = len(groups), getattr(truth, f"{form}_variation")
    general = effects[:, None] + variation.general * rng.standard_normal((n, 1))
    person = general + variation.dimension * rng.standard_normal((n, len(instrument.dimensions)))
    latent = {group: truth.latent(form, group) for group in dict.fromkeys(groups)}
    value = np.array([latent[group] for group in groups]) + person[:, dimension]
    value += variation.item * rng.standard_normal(value.shape)
    ratings = on_scale(value, instrument.scale.low, instrument.scale.high)
    views = person + np.array([getattr(truth, form)[group] for group in groups])
    return pd.DataFrame(ratings, columns=list(instrument.columns(form).values())), views


def _outcomes(truth: Truth, views: Array, rng: Generator) -> pd.DataFrame:
    """Overall questions: the dimensions as they drive them, stretched to each question's scale."""
    instrument = _instrument(truth.instrument)
    low, high = instrument.scale.low, instrument.scale.high
    whole = (views @ np.array(truth.drivers) - low) / (high - low)
    columns = {}
    for outcome in instrument.outcomes:
        width = outcome.scale.high - outcome.scale.low
        value = outcome.scale.low + width * (whole + _OUTCOME_NOISE * rng.standard_normal(len(whole)))
        columns[outcome.column] = on_scale(value, outcome.scale.low, outcome.scale.high)
    return pd.DataFrame(columns)


def _importance(truth: Truth, n: int, rng: Generator) -> pd.DataFrame:
    """One hundred points over the dimensions, in fives; on average exactly the true importance."""
    shares = rng.dirichlet(12 * np.array(truth.importance), n)
    names = [f"imp_{dimension.id}" for dimension in _instrument(truth.instrument).dimensions]
    return pd.DataFrame(_POINTS * rng.multinomial(100 // _POINTS, shares), columns=names)


def on_scale(value: Array, low: int, high: int) -> Array:
    return np.clip(np.floor(value + 0.5), low, high).astype(int)


def mean_one(weight: Array) -> Array:
    return np.round(weight / weight.mean(), 4)


def _pick(rng: Generator, shares: Mapping[str, float], n: int) -> Array:
    return rng.choice(np.array(list(shares), dtype=object), size=n, p=list(shares.values()))


def _comments(n: int, rng: Generator) -> Array:
    out = np.full(n, "", dtype=object)
    rows = rng.choice(n, n // _COMMENTED, replace=False)
    out[rows] = np.resize(np.array(COMMENTS, dtype=object), len(rows))
    return out


_PERSON: Mapping[str, Mapping[str, float]] = {
    "sex": {"female": 0.52, "male": 0.48},
    "age_band": {"18-29": 0.31, "30-44": 0.35, "45-59": 0.22, "60+": 0.12},
    "segment": {"individual": 0.86, "enterprise": 0.14},
}
_OCCASION: Mapping[str, Mapping[str, float]] = {
    "weekday": {"Mon": 0.11, "Tue": 0.11, "Wed": 0.12, "Thu": 0.12, "Fri": 0.15, "Sat": 0.21, "Sun": 0.18},
    "daypart": {"morning": 0.27, "afternoon": 0.43, "evening": 0.30},
    "product": {"phone": 0.58, "computer": 0.13, "camera": 0.07, "other": 0.22},
}
COMMENTS = (
    "Queue too long at noon.",
    "排队时间太长",
    "Staff were friendly and patient.",
    "服务态度很好",
    '=HYPERLINK("http://example.com","x")',
    "Nowhere to sit while waiting.",
    "希望多放几把椅子",
    "Bill was wrong, had to come back.",
    "<script>alert(1)</script>",
    "售后问题一直没解决",
    "They explained the plan clearly.",
    "介绍得很清楚，没有强行推销",
    "Promised a call back; nobody called.",
    "店面很干净、明亮",
)


# --- the sample files --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dirt:
    """What went wrong in the field, so that checking can be learned: how many rows or cells of each kind.

    Parameters
    ----------
    cells : pairs of a wrong or coded answer and the number of answers it replaces, at most one a row
    exact_copies : rows entered twice
    changed_copies : rows entered twice with one answer different
    empty_rows : rows with nothing in them
    missing_weights : rows without weight
    """

    cells: tuple[tuple[int | str, int], ...] = ((8, 2), (0, 2), ("n/a", 1), ("五", 1), (99, 6), (-9, 5))
    exact_copies: int = 2
    changed_copies: int = 1
    empty_rows: int = 2
    missing_weights: int = 1


def soiled(study: SimulatedStudy, dirt: Dirt, seed: int) -> pd.DataFrame:
    """The intercepts as they might arrive: every fault in a row of its own, copies and empty rows in between.

    >>> study = simulate_study(DEFAULT_TRUTH, seed=1)
    >>> len(study.intercept), len(soiled(study, Dirt(), seed=1))
    (900, 905)
    """
    rng = np.random.default_rng(seed)
    table = study.intercept.astype(object)
    asked = _instrument(study.truth.instrument).columns("perception").values()
    answers = np.flatnonzero(table.columns.isin(list(asked)))
    rows = iter(rng.permutation(len(table)).tolist())
    for value, times in dirt.cells:
        for _ in range(times):
            table.iloc[next(rows), rng.choice(answers)] = value
    for _ in range(dirt.missing_weights):
        table.loc[next(rows), "weight"] = ""
    extra = [_copy(table, next(rows), rng) for _ in range(dirt.exact_copies + dirt.changed_copies)]
    for copy in extra[dirt.exact_copies :]:
        column = rng.choice(answers)
        copy.iloc[0, column] = copy.iloc[0, column] - 1 if copy.iloc[0, column] > 1 else 2
    for place in rng.uniform(0, len(table) - 1, dirt.empty_rows):
        extra.append(pd.DataFrame("", index=[place], columns=table.columns, dtype=object))
    return pd.concat([table, *extra]).sort_index().reset_index(drop=True)


def _copy(table: pd.DataFrame, row: int, rng: Generator) -> pd.DataFrame:
    """The row once more, to stand somewhere below the first."""
    return table.iloc[[row]].set_axis([rng.uniform(row, len(table))], axis=0)


def write_sample(folder: str | Path) -> None:
    """Write the data of the sample study: ``stores.csv, footfall.csv, expectation.csv, intercept.csv, truth.csv``.

    The same bytes every time. The folder's README describes every column, and the faults put into intercept.csv.
    """
    study = simulate_study(DEFAULT_TRUTH, SAMPLE_SEED)
    tables = {
        "stores.csv": study.stores,
        "footfall.csv": hourly_footfall(study.stores),
        "expectation.csv": study.expectation,
        "intercept.csv": soiled(study, Dirt(), SAMPLE_SEED),
        "truth.csv": study.truth_table().round(4),
    }
    for name, table in tables.items():
        _write(Path(folder) / name, table.to_csv(index=False, lineterminator="\n"))


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(text.encode("utf-8"))
    beside.replace(path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say which folder: python -m servqual.simulate data/sample")
    write_sample(sys.argv[1])
