"""``python -m benchmarks.intercepts``: do weighted exit surveys hold the truth? Writes ``docs/intercepts.md``.

A population of customers and their visits to the stores of a chain is made once. Surveys of it are planned by
``plan_intercepts``, held with refusals, weighted by ``intercept_weights`` and analysed by ``estimate``, and their 95%
intervals held against the truth. The seed was fixed before the first run. Every survey has its own generator, made from seed,
scenario and number, so that any survey can be had again without the others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual import Student
from servqual.inference import Mean, estimate
from survey_design.intercepts import InterceptPlan, intercept_weights, plan_intercepts
from survey_design.intercepts.tally import CODES
from survey_design.outputs import write_whole

Array = NDArray[Any]

SEED = 20261122
GATE = (93.5, 96.5)
FIRST = 20  # surveys of each scenario whose numbers are written down, for whoever repeats them
TARGETS = ("visits", "customers")
PAGE_FILE = Path(__file__).parents[1] / "docs" / "intercepts.md"

# --- the population ----------------------------------------------------------------------------------------

AREAS = ("residential", "commercial", "industrial", "hypermarket")
DAYS, OPEN, CLOSE, BLOCK = 14, 10, 22, 3  # two weeks, 10:00 to 22:00, blocks of three hours
PER_STORE = 1_200  # customers whose usual store it is, on average
ELSEWHERE = 0.15  # share of visits to another store than the usual one
BUYS = 0.7  # share of leavers who have bought something
LIKING = 0.45  # satisfaction per unit of log(visits): frequent customers are more content
STORE_SD, BLOCK_SD, PERSON_SD, VISIT_SD = 0.30, 0.25, 0.70, 0.60
BUSY = -0.25  # satisfaction per unit of log(crowding)
UNKNOWN, MISSED, LANGUAGE = 0.05, 0.06, 0.02  # of those picked; of the eligible; of the eligible


@dataclass(frozen=True)
class Scenario:
    """A kind of survey.

    Attributes
    ----------
    id, words : short name, and how the table calls it
    stores : stores of the chain
    choose : how many of them are drawn; None if all are visited
    n, interviewers : of the plan
    surveys : how many are simulated
    """

    id: str
    words: str
    stores: int
    choose: int | None
    n: int
    interviewers: int
    surveys: int


SCENARIOS = (
    Scenario("all", "all 24 stores visited", 24, None, 480, 5, 5_000),
    Scenario("drawn", "24 of 60 stores drawn", 60, 24, 480, 5, 1_000),
)


@dataclass(frozen=True, eq=False)
class Population:
    """All leavers of two weeks, sorted by store, day and hour.

    Attributes
    ----------
    bought, score, visits : (leavers,) with a purchase, its rating 1-7, purchases of that customer in the two weeks
    start : (stores × days × hours + 1,) where each hour's leavers begin
    respond : (stores, days × blocks) chance that somebody eligible gives an interview
    footfall, attributes : what a planner knows: last year's leavers by hour, the stores' area types
    truth : mean rating by target
    """

    bought: Array
    score: Array
    visits: Array
    start: Array
    respond: Array
    footfall: pd.DataFrame
    attributes: pd.DataFrame
    truth: dict[str, float]


@cache
def population(scenario: Scenario) -> Population:
    """The population of a scenario; its own seed, the same for all surveys."""
    generator = np.random.default_rng((SEED, SCENARIOS.index(scenario), 10**9))
    hours, blocks = CLOSE - OPEN, DAYS * (CLOSE - OPEN) // BLOCK
    area = np.arange(scenario.stores) % len(AREAS)
    size = np.exp(generator.normal(0, 0.5, scenario.stores))
    customers = PER_STORE * scenario.stores
    purchases = 1 + generator.negative_binomial(0.8, 0.35, customers)  # 1 to about 15
    home = generator.choice(scenario.stores, customers, p=size / size.sum())
    person = np.repeat(np.arange(customers), purchases)
    away = generator.random(len(person)) < ELSEWHERE
    store = np.where(away, generator.choice(scenario.stores, len(person), p=size / size.sum()), home[person])
    slot = moments_of(purchases[person], area[store], generator)
    cell = store * DAYS * hours + slot
    crowd = np.bincount(cell, minlength=scenario.stores * DAYS * hours)
    block = store * blocks + (slot // hours) * (hours // BLOCK) + (slot % hours) // BLOCK
    of_block = np.bincount(block, minlength=scenario.stores * blocks).reshape(scenario.stores, blocks)
    crowding = np.log(of_block / of_block.mean(axis=1, keepdims=True) + 0.1)
    latent = (4.2 + LIKING * np.log(purchases)[person] + STORE_SD * generator.normal(size=scenario.stores)[store]
              + (BLOCK_SD * generator.normal(size=of_block.shape) + BUSY * crowding).ravel()[block]
              + PERSON_SD * generator.normal(size=customers)[person] + VISIT_SD * generator.normal(size=len(person)))  # fmt: skip
    score = np.clip(np.rint(latent), 1, 7)
    others = generator.poisson(crowd * (1 - BUYS) / BUYS)  # leave without a purchase
    everybody = np.concatenate([cell, np.repeat(np.arange(len(crowd)), others)])
    order = np.lexsort((generator.random(len(everybody)), everybody))
    bought = order < len(cell)
    taken = np.where(bought, order, 0)
    each = 1 / purchases[person]
    return Population(
        bought=bought, score=np.where(bought, score[taken], np.nan), visits=np.where(bought, purchases[person][taken], 0),
        start=np.concatenate([[0], np.cumsum(crowd + others)]),
        respond=np.clip(0.6 - 0.2 * crowding + 0.05 * generator.normal(size=of_block.shape), 0.2, 0.9),
        footfall=forecast(crowd + others, scenario.stores, generator),
        attributes=pd.DataFrame({"store": store_names(scenario.stores), "area_type": np.array(AREAS)[area]}),
        truth={"visits": float(score.mean()), "customers": float((score * each).sum() / each.sum())},
    )  # fmt: skip


def moments_of(purchases: Array, area: Array, generator: np.random.Generator) -> Array:
    """(visits,) day × hours + hour of every visit: frequent customers come on weekday mornings, others at weekends."""
    hours = CLOSE - OPEN
    day_share = np.array(
        [[1.0, 1, 1, 1, 1.2, 2.0, 1.8] * (DAYS // 7), [1.2, 1.2, 1.2, 1.2, 1.1, 0.8, 0.7] * (DAYS // 7)]
    )
    hour_share = np.stack([np.exp(-(((np.arange(hours) - peak) / 3.5) ** 2)) + 0.25 for peak in (8, 3, 6, 5, 9, 2)])
    often = (purchases > 3).astype(int)
    kind = np.where(often == 1, 1, np.where(area == 1, 4, np.where(area == 3, 2, 0)))
    day = draw_rows(day_share[often], generator)
    return day * hours + draw_rows(hour_share[kind], generator)


def draw_rows(share: Array, generator: np.random.Generator) -> Array:
    """(n,) one column number from each row of shares."""
    edges = np.cumsum(share, axis=1)
    return (generator.random((len(share), 1)) * edges[:, -1:] > edges).sum(axis=1)


def forecast(leavers: Array, stores: int, generator: np.random.Generator) -> pd.DataFrame:
    """Last year's hourly footfall: this year's, a fifth off at random."""
    hours = CLOSE - OPEN
    known = np.maximum(1, np.rint((leavers + 2) * np.exp(0.2 * generator.normal(size=len(leavers))))).astype(int)
    cell = np.arange(len(leavers))
    day = np.array([f"2026-03-{k + 2:02d}" for k in range(DAYS)])
    return pd.DataFrame({"store": np.array(store_names(stores))[cell // (DAYS * hours)],
                         "day": day[cell // hours % DAYS], "hour": OPEN + cell % hours, "leavers": known})  # fmt: skip


def store_names(stores: int) -> list[str]:
    return [f"S{k + 1:02d}" for k in range(stores)]


# --- a survey ----------------------------------------------------------------------------------------------


def planned(scenario: Scenario, number: int) -> InterceptPlan:
    """The plan of one survey."""
    people = population(scenario)
    return plan_intercepts(people.footfall, n=scenario.n, interviewers=scenario.interviewers, seed=SEED + number,
                           stores=people.attributes, choose=scenario.choose, block_hours=BLOCK, minutes_per_interview=8, waiting=True,
                           eligible=BUYS, response=0.55)  # fmt: skip


def held(scenario: Scenario, plan: InterceptPlan, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Interviews and tallies of one survey."""
    people = population(scenario)
    generator = np.random.default_rng((SEED, SCENARIOS.index(scenario), number))
    hours = CLOSE - OPEN
    place = {name: k for k, name in enumerate(people.attributes["store"])}
    store = plan.frame["store"].map(place).to_numpy()
    day = plan.frame["day"].str.slice(8).astype(int).to_numpy() - 2
    cell = (store * DAYS + day) * hours + plan.frame["start"].to_numpy() - OPEN
    begin, end = people.start[cell], people.start[cell + plan.frame["hours"].to_numpy()]
    chance = people.respond[store, day * (hours // BLOCK) + (plan.frame["start"].to_numpy() - OPEN) // BLOCK]
    picks = [np.arange(b + first - 1, e, k) for b, e, first, k in
             zip(begin, end, plan.frame["first"], plan.frame["k"], strict=True)]  # fmt: skip
    block = np.repeat(np.arange(len(picks)), [len(each) for each in picks])
    picked = np.concatenate(picks)
    outcome = outcomes_of(people.bought[picked], chance[block], generator)
    tallies = pd.DataFrame(np.zeros((len(picks), len(CODES)), dtype=int), columns=list(CODES))
    for name in CODES:
        tallies[name] = np.bincount(block[outcome == name], minlength=len(picks))
    tallies.insert(0, "block", plan.frame["block"])
    tallies["leavers"] = end - begin
    done = outcome == "complete"
    answers = pd.DataFrame({"block": plan.frame["block"].to_numpy()[block[done]], "score": people.score[picked[done]],
                            "purchases": people.visits[picked[done]]})  # fmt: skip
    return answers, tallies


def outcomes_of(bought: Array, chance: Array, generator: np.random.Generator) -> Array:
    """(picked,) what becomes of everybody picked."""
    u = generator.random((2, len(bought)))
    eligible = np.select([u[1] < MISSED, u[1] < MISSED + LANGUAGE, u[1] < MISSED + LANGUAGE + (1 - MISSED - LANGUAGE) * chance],
                         ["missed", "language", "complete"], "refusal")  # fmt: skip
    return np.where(u[0] < UNKNOWN, "unknown", np.where(bought, eligible, "ineligible"))


def analysed(scenario: Scenario, number: int) -> Array:
    """(targets, 7) weighted estimate, low, high, df; naive estimate, low, high; n, Kish's n in the columns after."""
    plan = planned(scenario, number)
    answers, tallies = held(scenario, plan, number)
    naive = estimate(answers, Mean("score"), interval=Student()).frame.iloc[0]
    lines = []
    for target in TARGETS:
        weighted = intercept_weights(answers, plan, tallies, target=target, visits="purchases")  # type: ignore[arg-type]
        found = estimate(weighted.responses, Mean("score"), weighted.design).frame.iloc[0]
        lines.append([*(found[name] for name in ("estimate", "low", "high", "df", "se")),
                      *(naive[name] for name in ("estimate", "low", "high")), len(answers), weighted.n_effective])  # fmt: skip
    return np.array(lines, dtype=float)


# --- many surveys ------------------------------------------------------------------------------------------


def run(scenario: Scenario, surveys: int, jobs: int = 1) -> Array:
    """(surveys, targets, 10) the numbers of :func:`analysed`, the same for any number of jobs; tells how far it is."""
    population(scenario)  # made once, before the work is shared out
    begin, lines = time.monotonic(), []
    with Pool(jobs) if jobs > 1 else nullcontext() as pool:
        work = map if pool is None else partial(pool.imap, chunksize=20)
        for number, line in enumerate(work(partial(analysed, scenario), range(surveys)), start=1):
            lines.append(line)
            if number % 500 == 0:
                each = (time.monotonic() - begin) / number
                print(
                    f"{scenario.id} {number:,}/{surveys:,}; {1000 * each:.0f} ms a survey", file=sys.stderr, flush=True
                )
    return np.stack(lines)


def share_line(hits: Array) -> str:
    """A percentage with its Monte Carlo standard error."""
    share = hits.mean()
    return f"{100 * share:.2f} ± {100 * np.sqrt(share * (1 - share) / len(hits)):.2f}"


HEAD = ("survey", "target", "truth", "weighted: mean error", "in SE", "95% interval holds the truth (%)", "too low", "too high",
        "SE / spread", "df", "naive: mean error", "holds the truth (%)", "interviews", "effective n (Kish)")  # fmt: skip
FIRST_HEAD = ("survey", "target", "sum of weighted estimates", "hold the truth", "sum of interviews")


def lines_of(scenario: Scenario, found: Array) -> Iterator[tuple[str, ...]]:
    """One line per target."""
    for k, target in enumerate(TARGETS):
        value, low, high, df, se, naive, naive_low, naive_high, n, n_eff = found[:, k].T
        truth = population(scenario).truth[target]
        error = value - truth
        yield (scenario.words, target, f"{truth:.4f}",
               f"{error.mean():+.4f} ± {error.std(ddof=1) / np.sqrt(len(error)):.4f}", f"{error.mean() / error.std(ddof=1):+.3f}",
               share_line((low <= truth) & (truth <= high)), f"{100 * (high < truth).mean():.2f}",
               f"{100 * (low > truth).mean():.2f}", f"{np.sqrt((se**2).mean()) / error.std(ddof=1):.3f}", f"{df.mean():.1f}",
               f"{(naive - truth).mean():+.4f}", share_line((naive_low <= truth) & (truth <= naive_high)),
               f"{n.mean():.0f}", f"{n_eff.mean():.0f}")  # fmt: skip


def first_lines(scenario: Scenario, found: Array) -> Iterator[tuple[str, ...]]:
    """What the first surveys came to: whoever repeats them must find the same."""
    for k, target in enumerate(TARGETS):
        part, truth = found[:FIRST, k], population(scenario).truth[target]
        holds = ((part[:, 1] <= truth) & (truth <= part[:, 2])).sum()
        yield scenario.words, target, f"{part[:, 0].sum():.6f}", f"{holds} of {len(part)}", f"{part[:, 8].sum():.0f}"


def setting_lines() -> list[tuple[str, str]]:
    """The settings that the page states."""
    return [
        ("seed, fixed before the first run", str(SEED)),
        *((f"surveys: {scenario.words}", f"{scenario.surveys:,}") for scenario in SCENARIOS),
        ("must hold the truth, weighted", f"at least {GATE[0]:g}%; above {GATE[1]:g}% is explained below"),
        ("plan", f"n = {SCENARIOS[0].n}, {SCENARIOS[0].interviewers} interviewers, {DAYS} days, {OPEN}-{CLOSE} h, blocks of {BLOCK} h, interviews of 8 minutes, for which picked leavers wait"),
        ("versions", f"servqual {version('servqual')}, numpy {np.__version__}"),
    ]  # fmt: skip


def markdown(head: Sequence[str], lines: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    rows = [tuple(head), tuple("---" for _ in head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


PAGE = """# Exit surveys: do weighted intervals hold the truth?

This page is written by `python -m benchmarks.intercepts`. Percentages are of simulated surveys, ± the Monte Carlo standard error.

## What was done

A chain's customers and all their purchases of two weeks are made once. Frequent customers are more content
(+0.45 per unit of log purchases on a scale of 1 to 7), come at other times, and crowded hours are rated lower and answered
less often. Stores, blocks, people and visits differ at random. Three leavers in ten have bought nothing.

Each survey is planned by `plan_intercepts` from last year's footfall (a fifth off at random), held (people walk on, are missed,
refuse, by block), weighted by `intercept_weights` for each target, and analysed by `estimate` with the design that these hand
over. The truth is the mean over all purchases (`visits`), or over customers who bought at least once (`customers`). The naive
mean takes the same interviews without weights, as a simple sample. No survey was left out, and none was run under another seed.

- **All stores visited**: strata = stores, clusters = blocks.
- **Stores drawn**: in proportion to traffic within area types; strata = area types, clusters = stores.

{settings}

## What came of it

"In SE" is the mean error over the spread of the estimates. "SE / spread" is the standard error that the analysis states (root
mean square) over the actual spread: above 1 it is rather too large.

{table}

The naive interval is about simple samples of visits. As an answer about customers it is wrong whatever n: whoever comes often is
met often. As an answer about visits it leaves out that crowded blocks answer less, and counts interviews of a block as independent.

{reading}

## The first {FIRST} surveys

`tests/test_intercepts.py` repeats them.

{first}

## Limits

Refusals within a block do not depend on satisfaction, and customers know how often they buy: no weight mends the one or the other.
One population per design, one length of blocks.
"""


def reading(found: dict[str, Array]) -> str:
    """Why coverage is what it is."""
    high = []
    for scenario in SCENARIOS:
        for k, target in enumerate(TARGETS):
            low, up, truth = (
                found[scenario.id][:, k, 1],
                found[scenario.id][:, k, 2],
                population(scenario).truth[target],
            )
            if 100 * ((low <= truth) & (truth <= up)).mean() > GATE[1]:
                high.append(f"{scenario.words}, {target}")
    text = ("Blocks and stores are drawn without replacement (24 of 60 stores are two fifths of the chain), every k-th leaver is a systematic sample, and the draw spreads blocks "
            "over the times of the fortnight. The analysis counts none of this and takes blocks (stores) as drawn with replacement: "
            "its standard errors are rather too large than too small.")  # fmt: skip
    return text + (f" That is why coverage is above {GATE[1]:g}% for: {'; '.join(high)}." if high else "")


def page(found: dict[str, Array]) -> str:
    """The whole page."""
    return PAGE.format(
        settings=markdown(("setting", "value"), setting_lines()),
        table=markdown(HEAD, [line for scenario in SCENARIOS for line in lines_of(scenario, found[scenario.id])]),
        first=markdown(FIRST_HEAD, [line for scenario in SCENARIOS for line in first_lines(scenario, found[scenario.id])]),
        reading=reading(found), FIRST=FIRST,
    )  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--surveys", type=int, help="fewer than the page states, to try it out: prints, writes nothing"
    )
    options.add_argument("--jobs", type=int, default=2, help="processes at work")
    chosen = options.parse_args()
    results = {scenario.id: run(scenario, chosen.surveys or scenario.surveys, chosen.jobs) for scenario in SCENARIOS}
    if chosen.surveys:
        print(page(results))
    else:
        write_whole(PAGE_FILE, page(results).encode("utf-8"))
