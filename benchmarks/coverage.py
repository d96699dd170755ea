"""``python -m benchmarks.coverage``: how often do 95% intervals hold the truth? Writes ``docs/coverage.md``.

Studies of stores are simulated from a population whose gaps are known exactly, analysed as the toolkit analyses any
study, and their intervals held against the truth. The seed was fixed before the first run. Every study has its own
generator, made from seed, scenario and number, so that any study can be had again without the others.

Results are kept in pieces of some hundred studies (``--parts``); a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from servqual import Bootstrap, Responses, SampleDesign, Student, Taylor, load_instrument
from servqual.inference import Spread, t_quantile
from servqual.measures import Basis, Measure, Row, plan_measures
from servqual.simulate import rounded_mean

Array = NDArray[Any]

SEED = 20261122
REPLICATES = 999
LEVEL = 0.95
GATE = (94.0, 96.0)
WARN = 93.0
CAREFUL = 2 / 3  # effective degrees of freedom, as a share of those used, under which coverage falls below WARN
FIRST = 40  # studies of each scenario whose numbers are written down, for whoever repeats them
PIECE = 500
INSTRUMENT = load_instrument("retail-13")
METHODS = ("Taylor", "Bootstrap", "percentile", "Student")
GATED = METHODS[:2]
TIERS = ("standard", "flagship")


# --- the population ----------------------------------------------------------------------------------------

LATENT_MEAN = {"expectation": (6.0, 6.2), "perception": (5.0, 5.5)}  # by tier
OFFSET = {"expectation": 0.2, "perception": 0.4}  # items lie evenly between - and + this, in opposite order
STORE_SD = {"expectation": 0.15, "perception": 0.3}
PERSON_SD = {"expectation": 0.5, "perception": 0.75}
ITEM_SD = {"expectation": 0.7, "perception": 0.8}
STORE_GENERAL, PERSON_GENERAL = 0.4, 0.6  # share of the variance that is common to all dimensions
STORE_HALO, PERSON_HALO = 0.3, 0.4  # correlation of the effects on expectation and perception
RARE_SHARE, RARE_MET, RARE_SHIFT = 0.5, 0.25, -0.4  # customers who come seldom: of all, of those met, and their view
GROUP_SHIFT = -0.3  # the small group's view
FORMS = ("expectation", "perception")


@dataclass(frozen=True)
class Scenario:
    """A kind of study: how many stores of each tier, how many interviews in each, and what is asked of them.

    Attributes
    ----------
    id, words : short name, and how the table calls it
    stores : stores of the two tiers
    studies : how many are simulated
    gated : True if its coverage must lie within the gate
    sizes : "similar" (18-22 interviews a store) or "skewed" (log-normal about 20, sigma 0.9, kept within 5-100)
    presence : share of stores where a small group (2-5 of the interviews) is met; None without such a group
    weighted : True if stores have unequal traffic and customers who come seldom are met too seldom
    """

    id: str
    words: str
    stores: tuple[int, int]
    studies: int = 3_000
    gated: bool = False
    sizes: str = "similar"
    presence: float | None = None
    weighted: bool = False

    @property
    def by(self) -> str:
        """The column that splits its table."""
        return "tier" if self.presence is None else "group"

    @property
    def rows(self) -> tuple[str, ...]:
        """What intervals are made for: rows of a table and their difference."""
        return ("all", *TIERS, "difference") if self.presence is None else ("group", "difference")


SCENARIOS = (
    Scenario("even-40", "40 stores, similar sizes", (20, 20), 10_000, gated=True),
    Scenario("even-25", "25 stores, similar sizes", (13, 12)),
    Scenario("even-15", "15 stores, similar sizes", (8, 7)),
    Scenario("even-10", "10 stores, similar sizes", (5, 5)),
    Scenario("skewed-40", "40 stores, skewed sizes", (20, 20), sizes="skewed"),
    Scenario("skewed-25", "25 stores, skewed sizes", (13, 12), sizes="skewed"),
    Scenario("skewed-15", "15 stores, skewed sizes", (8, 7), sizes="skewed"),
    Scenario("skewed-10", "10 stores, skewed sizes", (5, 5), sizes="skewed"),
    Scenario("group-12", "a small group in about 12 of 40 stores", (20, 20), presence=0.3),
    Scenario("group-6", "a small group in about 6 of 40 stores", (20, 20), presence=0.15),
    Scenario("weighted-40", "40 stores, unequal weights", (20, 20), weighted=True),
)


def place(scenario: Scenario) -> int:
    """The scenario's number: part of the seed, so new scenarios come last."""
    return [known.id for known in SCENARIOS].index(scenario.id)


@cache
def measures() -> tuple[Measure, ...]:
    """The five dimensions and the mean total."""
    planned = plan_measures(INSTRUMENT, [item.id for item in INSTRUMENT.items], "dimensions", None)
    return tuple(m for m in planned if m.what == "dimension" or (m.what, m.id) == ("total", "mean"))


def latent_mean(form: str) -> Array:
    """(2, items) latent mean of every item in each tier."""
    offsets = np.linspace(-1, 1, len(INSTRUMENT.items)) * OFFSET[form] * (1 if form == "perception" else -1)
    return np.add.outer(np.array(LATENT_MEAN[form]), offsets)


def latent_sd(form: str) -> float:
    """Standard deviation of a latent answer over all stores and customers there might be."""
    return float(np.sqrt(STORE_SD[form] ** 2 + PERSON_SD[form] ** 2 + ITEM_SD[form] ** 2))


def true_gaps(shift: float = 0.0) -> Array:
    """(2, measures) exact mean gap of each tier, among customers whose perceptions are shifted by this much."""
    scale = INSTRUMENT.scale
    item = {form: rounded_mean(latent_mean(form) + (shift if form == "perception" else 0), latent_sd(form),
                               scale.low, scale.high) for form in FORMS}  # fmt: skip
    return np.stack([measure.of(item["perception"] - item["expectation"]) for measure in measures()], axis=1)


def truth(scenario: Scenario) -> Array:
    """(rows, measures) what the intervals of a scenario should hold."""
    stores = np.array(scenario.stores) / sum(scenario.stores)
    if scenario.presence is not None:
        group, others = stores @ true_gaps(GROUP_SHIFT), stores @ true_gaps()
        return np.stack([group, group - others])
    tiers = true_gaps()
    if scenario.weighted:
        tiers = RARE_SHARE * true_gaps(RARE_SHIFT) + (1 - RARE_SHARE) * tiers
    return np.stack([stores @ tiers, *tiers, tiers[1] - tiers[0]])


# --- a study -----------------------------------------------------------------------------------------------


def simulated(scenario: Scenario, number: int) -> pd.DataFrame:
    """The answers of one study: one row an interview."""
    generator = np.random.default_rng((SEED, place(scenario), number))
    tier_of_store = np.repeat([0, 1], scenario.stores)
    store = np.repeat(np.arange(len(tier_of_store)), store_sizes(scenario, generator))
    tier, n = tier_of_store[store], len(store)
    group, rare = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    if scenario.presence is not None:
        group = small_group(store, scenario.presence, generator)
    if scenario.weighted:
        rare = generator.random(n) < RARE_MET
    answers = ratings(store, tier, RARE_SHIFT * rare + GROUP_SHIFT * group, generator)
    names = [name for form in FORMS for name in INSTRUMENT.columns(form).values()]
    frame = pd.DataFrame(answers, columns=names)
    frame["store"], frame["tier"] = store, np.array(TIERS, dtype=object)[tier]
    frame["group"] = np.where(group, "group", "others").astype(object)
    if scenario.weighted:
        traffic = np.exp(generator.normal(0, 0.5, len(tier_of_store)))
        frame["weight"] = traffic[store] * np.where(rare, RARE_SHARE / RARE_MET, (1 - RARE_SHARE) / (1 - RARE_MET))
    return frame


def store_sizes(scenario: Scenario, generator: Generator) -> Array:
    """(stores,) interviews in each store; they have nothing to do with how good the store is."""
    stores = sum(scenario.stores)
    if scenario.sizes == "similar":
        return generator.integers(18, 23, stores)
    return np.clip(np.rint(20 * np.exp(0.9 * generator.normal(size=stores))), 5, 100).astype(int)


def small_group(store: Array, presence: float, generator: Generator) -> Array:
    """(n,) True for the first two to five interviews of the stores where the group is met."""
    stores = store[-1] + 1
    members = np.where(generator.random(stores) < presence, generator.integers(2, 6, stores), 0)
    starts = np.searchsorted(store, np.arange(stores))
    return np.arange(len(store)) - starts[store] < members[store]


def ratings(store: Array, tier: Array, shift: Array, generator: Generator) -> Array:
    """(n, 2 items) whole answers to both forms: latent normal values, rounded and kept on the scale."""
    order = {dimension.id: k for k, dimension in enumerate(INSTRUMENT.dimensions)}
    of_item = np.array([order[item.dimension] for item in INSTRUMENT.items])
    n, scale = len(store), INSTRUMENT.scale
    stores = effects(store[-1] + 1, len(order), STORE_GENERAL, STORE_HALO, generator)[:, store]
    people = effects(n, len(order), PERSON_GENERAL, PERSON_HALO, generator)
    noise = generator.normal(size=(2, n, len(of_item)))
    parts = []
    for k, form in enumerate(FORMS):
        views = STORE_SD[form] * stores[k] + PERSON_SD[form] * people[k]
        latent = latent_mean(form)[tier] + views[:, of_item] + ITEM_SD[form] * noise[k]
        parts.append(latent + shift[:, None] if form == "perception" else latent)
    return np.clip(np.rint(np.concatenate(parts, axis=1)), scale.low, scale.high).astype(np.int8)


def effects(units: int, dimensions: int, general: float, halo: float, generator: Generator) -> Array:
    """(2, units, dimensions) standard normal effects on expectation and perception.

    Dimensions of one form correlate by ``general``; the two forms correlate by ``halo`` within a dimension.
    """
    drawn = generator.normal(size=(2, units, 1 + dimensions))
    drawn[1] = halo * drawn[0] + np.sqrt(1 - halo**2) * drawn[1]
    return np.sqrt(general) * drawn[..., :1] + np.sqrt(1 - general) * drawn[..., 1:]


# --- its intervals -----------------------------------------------------------------------------------------


@cache
def template(scenario: Scenario) -> Responses:
    """A checked study of this kind, whose rows the following ones replace."""
    design = SampleDesign(strata="tier", clusters="store", weight="weight" if scenario.weighted else None,
                          selection="probability")  # fmt: skip
    return Responses(simulated(scenario, 0), INSTRUMENT, design)


def analysed(scenario: Scenario, frame: pd.DataFrame, number: int) -> dict[str, Array]:
    """What the toolkit says about one study, by the steps of ``score_gaps`` and ``compare``.

    Returns
    -------
    low, high : (rows, methods, measures) bounds, nan where the toolkit gives none about other stores
    value, se, df : (rows, measures); se is Taylor's
    effective : (rows,) effective degrees of freedom, :func:`effective_df`
    """
    responses = template(scenario)._with(frame=frame)
    split = Basis.of(responses, measures(), (scenario.by,), None, None)
    rows = {label[0]: split.row(label) for label in split.labels}
    sides = {"all": frame} | dict(list(frame.groupby(scenario.by)))
    sums = {name: [(1.0, name)] for name in scenario.rows if name not in ("all", "difference")}
    first, second = ("flagship", "standard") if scenario.by == "tier" else ("group", "others")
    sums["difference"] = [(1.0, first), (-1.0, second)]
    parts = {}
    for name, signed in sums.items():
        known = all(label in rows for _, label in signed)
        parts[name] = _numbers(split, [(sign, rows[label]) for sign, label in signed], number) if known else _nothing()
        parts[name]["effective"] = np.array(effective_df([sides[label] for _, label in signed]) if known else 0.0)
    if "all" in scenario.rows:
        whole = Basis.of(responses, measures(), (), None, None)
        parts["all"] = _numbers(whole, [(1.0, whole.row(()))], number)
        parts["all"]["effective"] = np.array(effective_df([frame]))
    return {key: np.stack([parts[name][key] for name in scenario.rows]) for key in parts[scenario.rows[0]]}


def _numbers(basis: Basis, signed: Sequence[tuple[float, Row]], number: int) -> dict[str, Array]:
    value = np.sum([sign * row.gap for sign, row in signed], axis=0)
    spreads, lone = spreads_of(basis, signed, number)
    bounds = np.array([spread.bounds(value, LEVEL) for spread in spreads])
    told = np.array([(spread.df > 0) & np.isfinite(spread.se) & (not lone) for spread in spreads])
    low, high = (np.where(told, bounds[:, side], np.nan) for side in (0, 1))
    return {"low": low, "high": high, "value": value, "se": spreads[0].se, "df": spreads[0].df}


def spreads_of(basis: Basis, signed: Sequence[tuple[float, Row]], number: int) -> tuple[list[Spread], bool]:
    """A spread for each of :data:`METHODS`, and whether all people came from one store.

    Both bootstrap intervals come from the same replicates.
    """
    taylor, lone = basis.spread(signed, Taylor())
    percentile, _ = basis.spread(signed, Bootstrap(REPLICATES, seed=number, percentile=True))
    student, _ = basis.spread(signed, Student())
    return [taylor, replace(percentile, replicates=None), percentile, student], lone


def _nothing() -> dict[str, Array]:
    """The numbers of a row that nobody of the sample belongs to."""
    m = len(measures())
    none = np.full((len(METHODS), m), np.nan)
    return {"low": none, "high": none, "value": none[0], "se": none[0], "df": np.zeros(m)}


def effective_df(sides: Sequence[pd.DataFrame]) -> float:
    """Degrees of freedom that stores of unequal weight amount to, for one row's people or the two sides of a difference.

    With a store's share a of a side's weight, ``K = 1 / sum a^2`` stores of equal weight would weigh the same (Kish),
    and a side has ``K - strata``. Two sides are combined after Satterthwaite, their variances taken as ``1 / K``.
    Equal stores give stores minus strata, as Taylor counts them.
    """
    shares = [_store_weights(side) / _store_weights(side).sum() for side in sides]
    variance = np.array([(share**2).sum() for share in shares])
    own = 1 / variance - [side["tier"].nunique() for side in sides]
    if (own < 1e-9).any():
        return 0.0
    return float(variance.sum() ** 2 / (variance**2 / own).sum())


def _store_weights(frame: pd.DataFrame) -> Array:
    return np.bincount(frame["store"].to_numpy(), frame["weight"].to_numpy() if "weight" in frame else None)


# --- many studies ------------------------------------------------------------------------------------------


def outcomes(scenario: Scenario, numbers: Sequence[int]) -> dict[str, Array]:
    """What became of these studies; the first axis is the study.

    Returns
    -------
    miss : (n, rows, methods, measures) 0 the interval holds the truth, -1 it lies below, 1 above, 9 there is none
    width : (n, rows, methods, measures)
    error, se, df : (n, rows, measures); error is estimate minus truth
    effective : (n, rows) effective degrees of freedom
    answers : (n,) sum of all answers, to see whether the same studies were simulated
    """
    known, lines = truth(scenario), []
    for number in numbers:
        frame = simulated(scenario, number)
        found = analysed(scenario, frame, number)
        low, high = found["low"], found["high"]
        miss = np.select([np.isnan(low), high < known[:, None], low > known[:, None]], [9, -1, 1], 0).astype(np.int8)
        answers = frame.iloc[:, : 2 * len(INSTRUMENT.items)].to_numpy().sum(dtype=np.int64)
        lines.append({"miss": miss, "width": high - low, "error": found["value"] - known, "answers": answers,
                      **{key: found[key] for key in ("se", "df", "effective")}})  # fmt: skip
    return {key: np.stack([line[key] for line in lines]) for key in lines[0]}


def settings(scenario: Scenario) -> str:
    """Everything that decides a scenario's numbers (not its wording), in one line."""
    population = (LATENT_MEAN, OFFSET, STORE_SD, PERSON_SD, ITEM_SD, STORE_GENERAL, PERSON_GENERAL, STORE_HALO,
                  PERSON_HALO, RARE_SHARE, RARE_MET, RARE_SHIFT, GROUP_SHIFT)  # fmt: skip
    kind = place(scenario), replace(scenario, words="")
    return repr((SEED, REPLICATES, LEVEL, INSTRUMENT.name, INSTRUMENT.version, kind, population))


def pieces(scenario: Scenario, parts: Path) -> Iterator[tuple[Path, range]]:
    """Where each piece of a scenario is kept, and its studies."""
    stamp = hashlib.sha256(settings(scenario).encode()).hexdigest()[:10]
    for start in range(0, scenario.studies, PIECE):
        numbers = range(start, min(start + PIECE, scenario.studies))
        yield parts / f"{scenario.id}-{stamp}-{start:05d}.npz", numbers


def run(parts: Path, scenarios: Sequence[Scenario] = SCENARIOS) -> None:
    """Simulates whatever is not there yet, and tells how far it is."""
    parts.mkdir(parents=True, exist_ok=True)
    todo = [(scenario, *piece) for scenario in scenarios for piece in pieces(scenario, parts) if not piece[0].exists()]
    left, done, begin = sum(len(numbers) for *_, numbers in todo), 0, time.monotonic()
    for scenario, path, numbers in todo:
        found = outcomes(scenario, numbers)
        beside = path.with_suffix(".part.npz")
        np.savez_compressed(beside, **found)
        beside.replace(path)
        done, left = done + len(numbers), left - len(numbers)
        each = (time.monotonic() - begin) / done
        print(f"{scenario.id} {numbers.stop:,}/{scenario.studies:,}; {1000 * each:.0f} ms a study; "
              f"{left:,} to go, about {left * each / 60:.0f} min", file=sys.stderr, flush=True)  # fmt: skip


def collected(scenario: Scenario, parts: Path) -> dict[str, Array]:
    """All studies of a scenario, from its pieces."""
    loaded = [np.load(path) for path, _ in pieces(scenario, parts)]
    return {key: np.concatenate([piece[key] for piece in loaded]) for key in loaded[0].files}


# --- the table ---------------------------------------------------------------------------------------------

ROW_WORDS = {
    "all": "all stores",
    "standard": "standard tier",
    "flagship": "flagship tier",
    "group": "small group",
    "difference": "flagship − standard",
}
HEADS = {
    "settings": ("setting", "value"),
    "truth": ("scenario", "row", *(measure.id for measure in measures())),
    "gated": ("row", "measure", "true gap", "df", *GATED, "too low", "too high", "mean error / SE"),
    "all": ("scenario", "row", "measure", "df", "effective df", *METHODS,
            *(f"width: {method}" for method in METHODS[1:]), "no interval"),
    "below": ("scenario", "row", "measure", "df", "effective df", *GATED),
    "ratio": ("effective df / df", "intervals", *GATED, "Taylor, t with effective df", "width"),
    "df": ("df", "intervals", *METHODS[:3]),
    "first": ("scenario", "sum of answers", *METHODS, "mean width: Taylor"),
}  # fmt: skip
RATIOS = (0, 1 / 3, 1 / 2, CAREFUL, 5 / 6, 1)
RATIO_WORDS = ("under 1/3", "1/3 to 1/2", "1/2 to 2/3", "2/3 to 5/6", "5/6 and more")
DFS = (0, 5, 10, 20, np.inf)
DF_WORDS = ("under 5", "5 to under 10", "10 to under 20", "20 and more")

Found = dict[str, Array]
Line = tuple[str, ...]


def row_words(scenario: Scenario, row: str) -> str:
    """How the table calls a row of a scenario."""
    return "small group − others" if (scenario.by, row) == ("group", "difference") else ROW_WORDS[row]


def coverage(miss: Array) -> tuple[float, float]:
    """Percentage of the intervals told that hold the truth, and its Monte Carlo standard error; studies come first.

    Intervals of one study hang together, so studies are the units (:func:`of_ratio`).
    """
    flat = miss.reshape(len(miss), -1)
    return of_ratio((flat == 0).sum(axis=1), (flat != 9).sum(axis=1))


def of_ratio(hits: Array, told: Array) -> tuple[float, float]:
    """Percentage ``sum hits / sum told`` of independent studies, and the standard error of that ratio."""
    share = hits.sum() / told.sum()
    return 100 * float(share), 100 * float(np.sqrt(((hits - share * told) ** 2).sum()) / told.sum())


def with_error(percent: float, error: float) -> str:
    """Coverage and its Monte Carlo error as the tables show them."""
    return f"{percent:.2f} ± {error:.2f}"


def truth_lines() -> Iterator[Line]:
    """The exact gaps: one line for each row, and again where a scenario has other ones than those before it."""
    shown = set()
    for scenario in SCENARIOS:
        for row, known in zip(scenario.rows, truth(scenario), strict=True):
            line = row_words(scenario, row), *(f"{value:.4f}" for value in known)
            if line not in shown:
                yield scenario.words, *line
            shown.add(line)


def gated_lines(scenario: Scenario, found: Found) -> Iterator[Line]:
    """One line for every single estimand that is gated."""
    known = truth(scenario)
    for (r, row), (m, measure) in product(enumerate(scenario.rows), enumerate(measures())):
        miss = found["miss"][:, r, : len(GATED), m]
        taylor, bias = miss[:, 0], found["error"][:, r, m].mean() / found["se"][:, r, m].mean()
        yield (row_words(scenario, row), measure.id, f"{known[r, m]:.4f}", f"{found['df'][:, r, m].mean():.1f}",
               *(with_error(*coverage(miss[:, k])) for k in range(len(GATED))),
               f"{100 * (taylor == -1).mean():.2f}", f"{100 * (taylor == 1).mean():.2f}", f"{bias:+.3f}")  # fmt: skip


def pooled_lines(scenario: Scenario, found: Found) -> Iterator[Line]:
    """Two lines a row: the dimensions together, and the total."""
    what = np.array([measure.what for measure in measures()])
    for (r, row), kind in product(enumerate(scenario.rows), ("dimension", "total")):
        own = what == kind
        miss, width = found["miss"][:, r][..., own], found["width"][:, r][..., own]
        told = (miss != 9).all(axis=(1, 2))
        ratios = [width[told, k].mean() / width[told, 0].mean() for k in range(1, len(METHODS))]
        yield (scenario.words, row_words(scenario, row), "dimensions" if kind == "dimension" else "total",
               f"{found['df'][told, r].mean():.1f}", f"{found['effective'][told, r].mean():.1f}",
               *(with_error(*coverage(miss[:, k])) for k in range(len(METHODS))), *(f"{ratio:.2f}" for ratio in ratios),
               f"{100 * (1 - told.mean()):.1f}%")  # fmt: skip


def below(lines: Sequence[Line]) -> Iterator[Line]:
    """The lines whose Taylor or Bootstrap interval covers less than :data:`WARN` per cent."""
    heads = list(HEADS["all"])
    shown = [heads.index(name) for name in HEADS["below"]]
    for line in lines:
        if any(float(line[heads.index(method)].split(" ")[0]) < WARN for method in GATED):
            yield tuple(line[k] for k in shown)


def first_line(scenario: Scenario, found: Found) -> Line:
    """What the first studies of a scenario came to: whoever repeats them must find the same."""
    miss, width = found["miss"][:FIRST], found["width"][:FIRST, :, 0]
    held = [f"{(miss[:, :, k] == 0).sum()} of {(miss[:, :, k] != 9).sum()}" for k in range(len(METHODS))]
    return scenario.words, f"{found['answers'][:FIRST].sum()}", *held, f"{np.nanmean(width):.6f}"


# --- what a warning can go by ------------------------------------------------------------------------------


def told_rows(found: Found) -> pd.DataFrame:
    """One line per study and row with an interval: what the toolkit knows of it, and how many intervals held the truth.

    ``mended`` counts Taylor's intervals with the t quantile of the effective degrees of freedom (at least 1, at most
    Taylor's own), ``wider`` is how much wider these are.
    """
    miss, df = found["miss"], found["df"][..., 0]
    effective = np.clip(found["effective"], 1, np.maximum(df, 1))
    half = t_quantile(effective, LEVEL)[..., None] * found["se"]
    told = (miss != 9).all(axis=(2, 3))
    columns = {"study": np.broadcast_to(np.arange(len(miss))[:, None], told.shape), "df": df}
    columns |= {method: (miss[:, :, k] == 0).sum(axis=2) for k, method in enumerate(METHODS)}
    columns["mended"] = (np.abs(found["error"]) <= half).sum(axis=2)
    columns["wider"] = t_quantile(effective, LEVEL) / t_quantile(df, LEVEL)
    columns["ratio"] = np.minimum(found["effective"] / np.where(df > 0, df, np.nan), 1)
    return pd.DataFrame({name: values[told] for name, values in columns.items()})


def binned(rows: pd.DataFrame, column: str, edges: Sequence[float], words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The rows between each pair of edges; the upper edge belongs to the next bin, the last to its own."""
    code = np.clip(np.searchsorted(edges, rows[column] + 1e-9, side="right") - 1, 0, len(words) - 1)
    for k, word in enumerate(words):
        yield word, rows[code == k]


def held(rows: pd.DataFrame, column: str) -> str:
    """Coverage of some rows with its error; the studies of the scenarios are the units."""
    hits = rows.groupby(["scenario", "study"], sort=False)[column].agg(["sum", "size"])
    return with_error(*of_ratio(hits["sum"].to_numpy(), len(measures()) * hits["size"].to_numpy()))


def ratio_lines(rows: pd.DataFrame) -> Iterator[Line]:
    """Coverage by effective degrees of freedom as a share of those that were used."""
    for word, own in binned(rows, "ratio", RATIOS, RATIO_WORDS):
        counts = f"{len(measures()) * len(own):,}"
        yield word, counts, *(held(own, name) for name in (*GATED, "mended")), f"{own['wider'].median():.2f}"


def df_lines(rows: pd.DataFrame) -> Iterator[Line]:
    """Coverage by degrees of freedom, where stores weigh about the same."""
    for word, own in binned(rows[rows["ratio"] >= CAREFUL], "df", DFS, DF_WORDS):
        yield word, f"{len(measures()) * len(own):,}", *(held(own, name) for name in METHODS[:3])


# --- the page ----------------------------------------------------------------------------------------------


def setting_lines() -> list[Line]:
    """The settings that the page states."""
    counts = sorted({scenario.studies for scenario in SCENARIOS if not scenario.gated})
    return [
        ("seed, fixed before the first run", str(SEED)),
        ("studies, gated scenario", f"{gated_scenario().studies:,}"),
        ("studies, each other scenario", ", ".join(f"{count:,}" for count in counts)),
        ("bootstrap replicates", str(REPLICATES)),
        ("level", f"{100 * LEVEL:g}%"),
        ("gate for Taylor and Bootstrap, gated scenario", f"{GATE[0]:g}-{GATE[1]:g}%"),
        ("instrument", f"{INSTRUMENT.name} {INSTRUMENT.version}"),
        ("versions", f"servqual {version('servqual')}, numpy {np.__version__}"),
    ]


def gated_scenario() -> Scenario:
    """The scenario whose coverage must lie within the gate."""
    return next(scenario for scenario in SCENARIOS if scenario.gated)


def markdown(head: Sequence[str], lines: Iterable[Line]) -> str:
    """A Markdown table."""
    rows = [tuple(head), tuple("---" for _ in head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


PAGE = """# Coverage: how often does a 95% interval hold the truth?

This page is written by `python -m benchmarks.coverage`. Numbers are percentages of simulated studies, ± the Monte Carlo
standard error (studies are the units).

## What was done

Studies of stores are drawn from a population whose gaps are known exactly, analysed by the steps of `score_gaps` and
`compare`, and their intervals held against the truth. The same people state what they expect and what they got, on the
thirteen items of `retail-13`. A latent answer is normal: a mean by tier and item, effects of the store and of the person (one
part common to all dimensions, one of each dimension's own, expectation and perception correlated), and an error anew for each
item. It is rounded and kept within 1-7, so the mean answer is `1 + sum_c Phi((mean - c - 1/2) / sd)`, and the true gaps follow
without simulation. The intraclass correlation of gaps within stores is about 0.07 to 0.10; about a third of the expectations
stand at the top of the scale. The design is strata = tier, clusters = store. No study was left out, and none was run under
another seed.

- **Similar sizes**: 18-22 interviews in each store.
- **Skewed sizes**: log-normal about 20 interviews (sigma 0.9), kept within 5-100, unrelated to the store's quality.
- **Small group**: people met in 30% (15%) of 40 stores, 2-5 interviews in each of these; their perceptions are 0.3 lower.
- **Unequal weights**: stores have log-normal traffic (sigma 0.5); customers who come seldom are half of all, a quarter of those
  met, and 0.4 less content. The weights undo that.

`Taylor` and `Bootstrap` (standard error of the replicates) use Student's t with stores minus strata; `percentile` are quantiles of
the same replicates; `Student` takes respondents as independent and stands here as a warning. Where nobody or a single store has
people of a row, or too many replicates hold nobody of it, the toolkit gives no interval about other stores; "no interval" is how often
that happened to any method.

{settings}

## Gated: 40 stores of similar size

Every line must lie within the gate, for both methods. "Too low" and "too high" are Taylor intervals (%) that lie wholly below or
above the truth. The mean error of the estimates is given in standard errors: it shows that truth and estimate speak of the same
thing.

{gated}

## All scenarios

Not gated, except the first. `df` are the degrees of freedom used, "effective df" is explained below; widths are relative to
Taylor's.

{all}

## Where Taylor or Bootstrap cover less than 93%

{below}

Few stores do no harm by themselves: with 10 similar stores, 5 in each tier, the t quantile makes good for it. What
does harm is that the interval rests on fewer stores than are counted: some stores hold most of the interviews, or
one side of a difference comes from a few stores while the degrees of freedom count those of both sides.

## What a warning can go by

Let a store's share of a row's (weighted) interviews be `a`. Then `K = 1 / sum a²` stores of equal size would weigh the same,
and the row has `K - strata` **effective degrees of freedom**, for strata in which it has people. A difference of two rows has
`(1/K1 + 1/K2)² / (1/(K1² e1) + 1/(K2² e2))`, with `e1`, `e2` those of its sides. Below is the coverage of all intervals of all
scenarios (in rows where every method has one), by the share that these are of the degrees of freedom used. Under **two thirds**,
Taylor's intervals cover less than 93%: that is the rule; Bootstrap's do so under one half. It was read off this table and is no
theorem. "t with effective df" puts these (at least 1) in place of Taylor's own; "width" is how much wider that makes the interval
(median).

{ratio}

Percentile intervals lack the t quantile and are too short where stores are few. Rows above two thirds only:

{df}

## True gaps

Each is given once, with the first scenario that it belongs to.

{truth}

## The first {FIRST} studies

Sum of all answers, intervals that hold the truth, mean width of Taylor's: `tests/test_coverage_table.py` repeats some of them.

{first}

## Limits

Effects of stores are normal and sizes have nothing to do with quality; answers are complete; no finite population, no two files,
one instrument. Stores whose level goes with their size would also make the mean over interviews differ from the mean over stores.
"""


def page(parts: Path) -> str:
    """The whole page, from the pieces of a finished run."""
    pooled: list[Line] = []
    gated: list[Line] = []
    first, rows = [], []
    for scenario in SCENARIOS:
        found = collected(scenario, parts)
        pooled += pooled_lines(scenario, found)
        gated += gated_lines(scenario, found) if scenario.gated else []
        first.append(first_line(scenario, found))
        rows.append(told_rows(found).assign(scenario=scenario.id))
    every = pd.concat(rows, ignore_index=True)
    lines = {"settings": setting_lines(), "truth": truth_lines(), "gated": gated, "all": pooled, "below": below(pooled),
             "ratio": ratio_lines(every), "df": df_lines(every), "first": first}  # fmt: skip
    return PAGE.format(FIRST=FIRST, **{name: markdown(HEADS[name], own) for name, own in lines.items()})


def main() -> None:
    """Simulates what is missing and writes the page."""
    root = Path(__file__).parents[1]
    parts, out = root / "build" / "coverage", root / "docs" / "coverage.md"
    run(parts)
    beside = out.with_suffix(".md.part")
    beside.write_text(page(parts), encoding="utf-8")
    beside.replace(out)


if __name__ == "__main__":
    main()
