"""What would this plan find? The whole study is simulated, analysed as it will be, and repeated.

Formulas for sample sizes look at one number at a time. A study has stores of unequal size, weights, two files and a
correction for testing many gaps at once. Here a study with known answers is drawn by
:func:`servqual.simulate.simulate_study`, goes through the same functions as real answers, and what it finds is counted.
"""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from servqual.gaps import score_gaps
from servqual.inference import Adjust, Interval
from servqual.instruments import load_instrument
from servqual.measures import What
from servqual.moments import one_blas_thread
from servqual.proportions import proportion_interval
from servqual.responses import Responses, read_responses
from servqual.simulate import Fieldwork, SimulatedStudy, Truth, simulate_study
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Column, Result, Text, say
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Found = tuple[int, pd.DataFrame | str]
Statistic = Callable[[SimulatedStudy], pd.DataFrame]
Tell = Callable[[int, int], None]

_LEAST = 10  # studies below which a share says nothing
_NOTHING = 1e-9  # a true gap below this is none
_OF_GROUP = " · "
_ABSENT: Text = {"en": "no such row in the study's table", "zh": "该次研究的结果中没有这一行"}
_PIECE = 10  # studies of one errand to another process: few enough to share out, enough to pay for the errand
_TABLES: Mapping[What, Literal["items", "dimensions", "total"]] = {
    "item": "items", "dimension": "dimensions", "total": "total"}  # fmt: skip


@dataclass(frozen=True)
class Costs:
    """What fieldwork costs, in one currency.

    >>> Costs(fixed=5000, store=400, interview=30, expectation=12).of(Fieldwork(interviews=900, expectation=400))
    52800.0
    """

    fixed: float = 0.0
    store: float = 0.0
    interview: float = 0.0
    expectation: float = 0.0

    def __post_init__(self) -> None:
        wrong = [f"{name}={value!r}" for name, value in vars(self).items() if not 0 <= value < np.inf]
        if wrong:
            raise SpecError(f"costs {', '.join(wrong)} cannot be used: give an amount of 0 or more, in one currency.")

    def of(self, plan: Fieldwork) -> float:
        """Cost of a plan: fixed, per store visited, per exit interview, per customer asked for expectations."""
        visited = sum(plan.visited.values())
        return float(
            self.fixed
            + self.store * visited
            + self.interview * plan.interviews
            + self.expectation * plan.expectation
        )  # fmt: skip


@dataclass(frozen=True)
class GapsFound:
    """Which gaps does the study find? One that is there, with its true sign, and told from 0 after correction.

    What is true comes with the study. Where a true gap is 0, finding it is a false alarm, and its power the risk of one.
    The interval of a gap speaks about the stores of this chain, where a tier is visited completely about those very
    stores; whether it holds is judged against their gap (``target``), while ``true`` is that of stores like these.

    Parameters
    ----------
    what : {"dimension", "item", "total"}
    by : {"tier", "area_type"}, optional
        Finds the gaps of every group; p is corrected over all rows of the table, as in the report.
    adjust, level, interval : as in :func:`servqual.gaps.score_gaps`

    Examples
    --------
    >>> from servqual.simulate import DEFAULT_TRUTH
    >>> table = GapsFound()(simulate_study(DEFAULT_TRUTH, seed=1))
    >>> table.loc[table["found"], "name"].tolist()
    ['tangibles', 'reliability', 'responsiveness', 'assurance', 'empathy']
    """

    what: What = "dimension"
    by: Literal["tier", "area_type"] | None = None
    adjust: Adjust = "holm"
    level: float = 0.95
    interval: Interval | None = None

    def __post_init__(self) -> None:
        check_choice("what", self.what, What)
        check_choice("by", self.by, Literal["tier", "area_type", None])
        check_choice("adjust", self.adjust, Adjust)
        check_between("level", self.level, 0, 1)

    def __call__(self, study: SimulatedStudy) -> pd.DataFrame:
        scores = score_gaps(as_responses(study), by=self.by, match="region" if self.by else None, adjust=self.adjust,
                            level=self.level, interval=self.interval)  # fmt: skip
        gaps = scores.to_frame(_TABLES[self.what])
        gaps = gaps.assign(group=gaps[self.by].astype(str) if self.by else "overall", id=gaps[self.what])
        gaps = gaps.merge(self._true_gaps(study), on=["group", "id"])  # the sum of the dimensions is no other gap
        right = (gaps["true"].abs() < _NOTHING) | (np.sign(gaps["gap"]) == np.sign(gaps["true"]))
        gaps["found"] = (gaps["p_adjusted"] < 1 - self.level) & right
        gaps["name"] = gaps["id"] if self.by is None else gaps["group"] + _OF_GROUP + gaps["id"]
        return gaps.rename(columns={"gap": "estimate"})[["name", "found", "true", "target", "estimate", "low", "high"]]

    def _true_gaps(self, study: SimulatedStudy) -> pd.DataFrame:
        """``group, id, true, target``: the gap in stores like these, and in these."""
        table = study.truth_table()
        kept = table[(table["by"] == (self.by or "overall")) & (table["what"] == self.what)]
        named = kept.rename(columns={"gap": "true", "gap_these_stores": "target"})
        return named[["group", "id", "true", "target"]]


def as_responses(study: SimulatedStudy) -> Responses:
    """A simulated study as it would be read from its two files, each with its design; nobody in it could be recognised.

    >>> from servqual.simulate import DEFAULT_TRUTH
    >>> len(as_responses(simulate_study(DEFAULT_TRUTH, seed=1)).frame)
    900
    """
    instrument = load_instrument(study.truth.instrument)
    listed = SampleDesign(strata="region", weight="weight", selection="probability")
    leavers = SampleDesign(strata="tier", clusters="store", weight="weight", population="stores_in_tier",
                           selection="probability")  # fmt: skip
    return read_responses(
        expectation=Responses(study.expectation, instrument, listed, personal_data="keep"),
        perception=Responses(study.intercept, instrument, leavers, personal_data="keep"),
    )


# --- repeating it ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class StudyPower(Result):
    """How often studies like the planned ones find what is there.

    Frame columns: ``plan`` (1, 2, …), ``stores``, ``interviews``, ``expectation`` (customers asked), ``cost``, ``name``, ``true``,
    ``power`` (share of the studies that found it) with its Monte Carlo interval ``low, high``, ``estimate`` (mean), ``margin``
    (mean half width of the study's own interval), ``coverage`` (share of intervals that hold what they speak about), ``n``
    studies that count, ``n_dropped`` studies that do not, and why (``reason``).

    Attributes
    ----------
    plans, instrument, seed, replicates, level, budget : what was asked of :func:`study_power`
    failed : studies of each plan that could not be analysed
    """

    plans: tuple[Fieldwork, ...] = ()
    instrument: str = "servqual-22"
    seed: int = 0
    replicates: int = 0
    failed: tuple[int, ...] = ()
    level: float = 0.95
    budget: float | None = None

    def title(self) -> str:
        if self.language == "zh":
            return f"整个研究的功效：{self.replicates:,} 次模拟研究的发现"
        return f"Power of the study: what {self.replicates:,} simulated studies find"

    def columns(self) -> tuple[Column, ...]:
        percent = f"{100 * self.level:g}%"
        shown = [
            Column("stores", {"en": "stores", "zh": "门店数"}, "count"),
            Column("interviews", {"en": "interviews", "zh": "访谈数"}, "count"),
            Column("expectation", {"en": "expectation", "zh": "期望样本"}, "count"),
            Column("cost", {"en": "cost", "zh": "费用"}, "count"),
            Column("name", {"en": "what is there", "zh": "待发现的内容"}, words=self._labels()),
            Column("true", {"en": "true", "zh": "真值"}, "signed"),
            Column("power", {"en": "power", "zh": "功效"}, "share"),
            Column("low", {"en": f"{percent} low", "zh": f"{percent} 下限"}, "share"),
            Column("high", {"en": f"{percent} high", "zh": f"{percent} 上限"}, "share"),
            Column("margin", {"en": "margin", "zh": "误差范围"}, "number"),
            Column("coverage", {"en": "coverage", "zh": "覆盖率"}, "share"),
            Column("n", {"en": "studies", "zh": "研究次数"}, "count"),
            Column("n_dropped", {"en": "not counted", "zh": "未计入"}, "count"),
            Column("reason", {"en": "reason", "zh": "原因"}, words=_reasons_in_words(self.frame["reason"])),
        ]
        kept = shown if self.frame["n_dropped"].any() else shown[:-2]
        unknown = {name for name in ("cost", "true", "margin", "coverage") if self.frame[name].isna().all()}
        return tuple(column for column in kept if column.name not in unknown)

    def note(self) -> str:
        failed, over = sum(self.failed), self._over_budget()
        if self.language == "zh":
            parts = ["区间为模拟次数有限所致的误差（Wilson 法）", f"随机种子 {self.seed}"]
            parts += [f"{failed} 次研究无法分析，未计入"] if failed else []
            parts += [f"方案 {'、'.join(map(str, over))} 超出预算 {self.budget:,.0f}"] if over else []
            return "；".join(parts) + "。"
        parts = ["Intervals show what the number of simulated studies leaves open (Wilson)", f"seed {self.seed}"]
        parts += [f"{failed} studies could not be analysed and do not count"] if failed > 1 else []
        parts += ["1 study could not be analysed and does not count"] if failed == 1 else []
        plural = len(over) > 1
        parts += [f"plan{'s' * plural} {', '.join(map(str, over))} cost{'s' * (not plural)} more than the budget of "
                  f"{self.budget:,.0f}"] if over else []  # fmt: skip
        return "; ".join(parts) + "."

    def sentence(self, power: float = 0.8, at_least: float = 0.2) -> str:
        """The smallest plan of which the simulated studies show that every effect of at least this size is found with this power."""
        check_between("power", power, 0, 1)
        plan, percent, zh = self.sufficient(power, at_least), f"{100 * power:g}%", self.language == "zh"
        if plan is None:
            return self._none_suffices(power, at_least)
        chosen = self.plans[plan - 1]
        stores = sum(chosen.visited.values())
        dear = plan in self._over_budget()
        if zh:
            return (f"在 {stores} 家门店完成 {chosen.interviews:,} 份访谈和 {chosen.expectation:,} 份期望调查，"
                    f"即能以至少 {percent} 的功效发现{self._all_of(at_least)}（依据 {self.replicates:,} 次模拟研究的区间下限）"
                    + ("，但超出预算。" if dear else "。"))  # fmt: skip
        return (f"{chosen.interviews:,} interviews in {stores} stores and {chosen.expectation:,} customers asked for their expectations "
                f"find {self._all_of(at_least)} with a power of {percent} or more, as {self.replicates:,} simulated studies show"
                + (", but cost more than the budget." if dear else "."))  # fmt: skip

    def sufficient(self, power: float = 0.8, at_least: float = 0.2) -> int | None:
        """Number of the first plan, by cost or size, that finds every effect of at least this size; None if there is none.

        A plan counts when the Monte Carlo interval of each power lies above what is wanted (``low``): 17 of 20 studies
        are 85%, and may come from a power of 64%.
        """
        reached = self._looked_for(at_least).pivot(index="name", columns="plan", values="low").fillna(0).min()
        return next((plan for plan in self._order() if reached.get(plan, 0) >= power), None)

    def _none_suffices(self, power: float, at_least: float) -> str:
        largest = self._looked_for(at_least).query("plan == @plan", local_dict={"plan": self._order()[-1]})
        worst = largest.sort_values(["low", "power"], kind="stable").iloc[0]
        name, percent = self._shown_name(str(worst["name"])), f"{100 * power:g}%"
        reached, low, high = (f"{100 * float(worst[column]):.0f}%" for column in ("power", "low", "high"))
        n, undecided = f"{worst['n']:,.0f}", worst["high"] >= power
        if self.language == "zh":
            return (f"没有一个方案表明能以至少 {percent} 的功效发现{self._all_of(at_least)}；最大方案下，{n} 次模拟研究中有 {reached} "
                    f"发现“{name}”（区间 {low} 至 {high}）" + ("，增加模拟次数方可判断。" if undecided else "。"))  # fmt: skip
        return (f"No plan is shown to find {self._all_of(at_least)} with a power of {percent}: under the largest, {name} is found "
                f"in {reached} of {n} simulated studies, which leaves {low} to {high} open"
                + ("; more of them would decide." if undecided else "."))  # fmt: skip

    def _all_of(self, at_least: float) -> str:
        zh = self.language == "zh"
        if self.frame["true"].isna().all():
            return "所查的全部内容" if zh else "all that was looked for"
        return f"所有不小于 {at_least:g} 的差距" if zh else f"all that is at least {at_least:g} in size"

    def _over_budget(self) -> list[int]:
        """Numbers of the plans that cost more than may be spent."""
        dear = self.frame["cost"] > (np.inf if self.budget is None else self.budget)
        return [int(plan) for plan in self.frame.loc[dear, "plan"].unique()]

    def _looked_for(self, at_least: float) -> pd.DataFrame:
        """Rows whose true size is large enough to matter, or is not stated."""
        large = (self.frame["true"].abs() >= at_least) | self.frame["true"].isna()
        if not large.any():
            raise SpecError(
                f"at_least={at_least!r} is more than any true effect: the largest is {self.frame['true'].abs().max():.2f}."
            )
        return self.frame[large]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power against interviews, a line for each thing to be found."""
        from servqual.plots.power import draw_power

        return draw_power(self, ax)

    def _order(self) -> list[int]:
        """Plans from the smallest to the largest."""
        lines = self.frame.drop_duplicates("plan")
        return [int(plan) for plan in lines.sort_values(["cost", "interviews", "stores", "plan"])["plan"]]

    def _labels(self) -> dict[str, Text]:
        """Names as they are shown: the instrument's labels after the group's own name."""
        asked = load_instrument(self.instrument)
        labels = {part.id: part.label for part in asked.dimensions} | {item.id: item.label for item in asked.items}
        labels["mean"] = {"en": "mean of dimensions", "zh": "各维度均值"}
        out: dict[str, Text] = {}
        for name in map(str, self.frame["name"].unique()):
            head, mark, last = name.rpartition(_OF_GROUP)
            if last in labels:
                out[name] = {tongue: head + mark + say(labels[last], tongue) for tongue in ("en", "zh")}
        return out

    def _shown_name(self, name: str) -> str:
        return say(self._labels().get(name, name), self.language)


def study_power(
    truth: Truth,
    plans: Fieldwork | Sequence[Fieldwork],
    *,
    seed: int,
    find: Statistic | None = None,
    replicates: int = 1000,
    chain: pd.DataFrame | None = None,
    costs: Costs | None = None,
    budget: float | None = None,
    level: float = 0.95,
    workers: int | None = None,
    tell: Tell | None = None,
) -> StudyPower:
    """The chance that a study finds what is there: it is simulated, analysed as it will be, and repeated.

    Parameters
    ----------
    truth : Truth
        What is to be found; :data:`servqual.simulate.DEFAULT_TRUTH`, or the same with the differences that would matter.
    plans : Fieldwork, or several of them for a curve
        How many stores of each tier, interviews and customers asked for their expectations.
    seed : int
        The same seed gives the same table, whatever the number of workers.
    find : callable, optional
        What counts as a finding: ``find(study)`` returns a row for each thing looked for, with ``name``, ``found`` (True,
        False) and, if there are such, ``estimate, low, high, true`` and ``target`` (what the interval speaks about, if not
        ``true``). By default :class:`GapsFound`: every dimension's gap. A ranking or a choice of priorities is plugged in
        the same way.
    replicates : studies simulated for every plan
    chain : DataFrame of stores, :func:`servqual.simulate.fictional_chain` if left out
    costs, budget : what a plan costs, and what may be spent
    level : confidence of the Monte Carlo interval around each power
    workers : processes to share the work, all cores if left out; 1 stays in this process
        A ``find`` written in a notebook or a script's main part cannot be sent to other processes: it runs in this one.
        A script that uses several processes needs the usual ``if __name__ == "__main__":``.
    tell : callable, optional
        ``tell(done, total)`` after every few studies, for a progress line.

    Returns
    -------
    StudyPower

    Notes
    -----
    Power is found / analysed with Wilson's interval; with 1,000 studies its margin is at most 3.1 points. What
    :meth:`StudyPower.sentence` calls sufficient has its whole interval above the power that is wanted, which takes many
    studies where the power is near it: a plan whose power is 83% is shown to reach 80% by about 1,000. Study k of plan
    p has a generator of its own, made from (seed, p, k). A study that cannot be analysed (:class:`DataError`) or whose table
    has no such row (no such group drawn) is counted in ``n_dropped``, with the reason: power is the share among the others.

    Raises
    ------
    SpecError
        If there is no plan, fewer than 10 replicates, a budget without costs, or ``find`` returns something else.

    References
    ----------
    Arnold, Hogan, Colford and Hubbard (2011), Simulation methods to estimate design power, BMC Medical Research
    Methodology 11, 94, doi:10.1186/1471-2288-11-94. Checked against the noncentral t for gaps of two simple samples, and
    against the level of the test where there is no gap (tests/test_power.py).

    Examples
    --------
    >>> from servqual.simulate import DEFAULT_TRUTH
    >>> plan = Fieldwork(visited={"flagship_core": 4, "core": 5, "first_tier": 6, "hypermarket": 4, "cooperative": 4},
    ...                  interviews=230, expectation=80)
    >>> power = study_power(DEFAULT_TRUTH, plan, seed=1, replicates=20, workers=1)
    >>> power.to_frame().set_index("name")["power"].to_dict()
    {'tangibles': 0.15, 'reliability': 1.0, 'responsiveness': 1.0, 'assurance': 1.0, 'empathy': 0.85}
    """  # fmt: skip
    plans = (plans,) if isinstance(plans, Fieldwork) else tuple(plans)
    _check_request(plans, seed, replicates, level, workers, costs, budget)
    errands = [
        _Errand(truth, plan, chain, GapsFound() if find is None else find, seed, number, start, min(start + _PIECE, replicates))
        for number, plan in enumerate(plans, start=1)
        for start in range(0, replicates, _PIECE)
    ]  # fmt: skip
    found = [each for part in _told(_shared(errands, workers), len(plans) * replicates, tell) for each in part]
    by_plan = [[table for of, table in found if of == number] for number in range(1, len(plans) + 1)]
    parts = [_of_plan(number, plan, costs, tables, level)
             for number, (plan, tables) in enumerate(zip(plans, by_plan, strict=True), start=1)]  # fmt: skip
    failed = tuple(sum(isinstance(table, str) for table in tables) for tables in by_plan)
    return StudyPower(pd.concat(parts, ignore_index=True), plans=plans, instrument=truth.instrument, seed=seed,
                      replicates=replicates, failed=failed, level=level, budget=budget)  # fmt: skip


def _check_request(
    plans: Sequence[Fieldwork], seed: int, replicates: int, level: float, workers: int | None, costs: Costs | None,
    budget: float | None,
) -> None:  # fmt: skip
    check_between("level", level, 0, 1)
    if not plans or not all(isinstance(plan, Fieldwork) for plan in plans):
        raise SpecError("study_power needs a plan. Give a Fieldwork, or several.")
    if not isinstance(replicates, int) or replicates < _LEAST:
        raise SpecError(
            f"replicates={replicates!r} say nothing about a chance: {_LEAST} or more; 1000 give it to ±3 points."
        )
    if not isinstance(seed, int) or seed < 0:
        raise SpecError(f"seed={seed!r} must be a whole number, 0 or more.")
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise SpecError(f"workers={workers!r} must be a whole number, 1 or more; leave it out to use all cores.")
    if budget is not None and costs is None:
        raise SpecError(f"budget={budget!r} says nothing without costs. Give costs=Costs(store=…, interview=…).")


@dataclass(frozen=True, eq=False)
class _Errand:
    """Some studies of one plan, to be simulated and analysed in one go."""

    truth: Truth
    plan: Fieldwork
    chain: pd.DataFrame | None
    find: Statistic
    seed: int
    number: int
    start: int
    stop: int

    def run(self) -> list[_Found]:
        """(plan, what was found, or the words of the error) of every study."""
        with one_blas_thread():
            return [(self.number, self._study(k)) for k in range(self.start, self.stop)]

    def _study(self, k: int) -> pd.DataFrame | str:
        seed = int(np.random.SeedSequence([self.seed, self.number, k]).generate_state(1)[0])
        study = simulate_study(self.truth, seed, chain=self.chain, fieldwork=self.plan)
        try:
            found = self.find(study)
        except (DataError, np.linalg.LinAlgError) as error:
            return str(error)
        return _checked(found)


def _checked(found: Any) -> pd.DataFrame:
    """What ``find`` returned, if it can be counted."""
    if not isinstance(found, pd.DataFrame) or not {"name", "found"} <= set(found.columns):
        raise SpecError(
            "find must return a DataFrame with a row for each thing looked for and the columns 'name' and 'found'."
        )
    odd = found.loc[~found["found"].isin([True, False]), "found"].tolist()
    if odd:
        raise SpecError(f"find returned found={odd[0]!r}. Say True or False for each thing looked for.")
    if found["name"].duplicated().any():
        twice = found.loc[found["name"].duplicated(), "name"].iloc[0]
        raise SpecError(f"find returned two rows named {twice!r}. Give each thing looked for a name of its own.")
    return found


def _run(errand: _Errand) -> list[_Found]:
    return errand.run()


def _shared(errands: Sequence[_Errand], workers: int | None) -> Iterator[list[_Found]]:
    """The errands' findings in order, from as many processes as there are cores."""
    count = min(_cores() if workers is None else workers, len(errands))
    if count <= 1 or not _can_travel(errands[0].find):
        yield from map(_run, errands)
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(_run, errands)
        except BrokenProcessPool as error:
            raise SpecError(
                "the other processes could not start or were ended. A script needs if __name__ == '__main__': around what "
                "it does; where that is not it (little memory), pass workers=1."
            ) from error


def _cores() -> int:
    """Cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _can_travel(find: Statistic) -> bool:
    """True if another process can get hold of a statistic: not one that was defined in a notebook or a main script."""
    if getattr(find, "__module__", None) == "__main__" or type(find).__module__ == "__main__":
        return False
    try:
        pickle.dumps(find)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


def _told(parts: Iterator[list[_Found]], total: int, tell: Tell | None) -> Iterator[list[_Found]]:
    done = 0
    for part in parts:
        done += len(part)
        if tell is not None:
            tell(done, total)
        yield part


# --- counting it -------------------------------------------------------------------------------------------


def _of_plan(
    number: int, plan: Fieldwork, costs: Costs | None, tables: Sequence[pd.DataFrame | str], level: float
) -> pd.DataFrame:
    """One row for each thing looked for under a plan."""
    analysed = [table for table in tables if isinstance(table, pd.DataFrame)]
    errors = [table for table in tables if isinstance(table, str)]
    if not analysed:
        raise SpecError(f"plan {number}: none of {len(tables)} studies could be analysed. The first said: {errors[0]}")
    part = _summary(pd.concat(analysed, ignore_index=True), level)
    head = {"plan": number, "stores": sum(plan.visited.values()), "interviews": plan.interviews,
            "expectation": plan.expectation, "cost": np.nan if costs is None else costs.of(plan)}  # fmt: skip
    for place, (name, value) in enumerate(head.items()):
        part.insert(place, name, value)
    reasons = [_reason(errors, absent) for absent in len(analysed) - part["n"]]
    return part.assign(n_dropped=len(tables) - part["n"], reason=reasons)


def _summary(found: pd.DataFrame, level: float) -> pd.DataFrame:
    """Shares and means over the studies, in the order in which names first appear."""
    for name in ("true", "estimate", "low", "high"):
        if name not in found:
            found[name] = np.nan
    target = found["target"].fillna(found["true"]) if "target" in found else found["true"]
    known = found[["low", "high"]].notna().all(axis=1) & target.notna()
    holds = ((found["low"] <= target) & (target <= found["high"])).astype(float).where(known)
    found = found.assign(margin=(found["high"] - found["low"]) / 2, coverage=holds, found=found["found"].astype(float))
    grouped = found.groupby("name", sort=False)
    table = grouped[["true", "found", "estimate", "margin", "coverage"]].mean().rename(columns={"found": "power"})
    n, hits = grouped.size(), grouped["found"].sum()
    low, high = proportion_interval(hits.to_numpy(), n.to_numpy(), level=level)
    table.insert(2, "low", low)
    table.insert(3, "high", high)
    return table.assign(n=n).reset_index()


def _reason(errors: Sequence[str], absent: int) -> str:
    """Why studies do not count, each reason with its number of studies."""
    counts = [(times, words) for words, times in Counter(errors).items()]
    counts += [(absent, _ABSENT["en"])] if absent else []
    return "; ".join(f"{times} × {words}" for times, words in counts)


def _reasons_in_words(reasons: Iterable[str]) -> dict[str, Text]:
    """What we say ourselves in both languages; errors speak English."""
    return {reason: {"en": reason, "zh": reason.replace(_ABSENT["en"], _ABSENT["zh"])} for reason in set(reasons)}
