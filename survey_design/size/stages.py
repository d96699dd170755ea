"""How many stores, and how many customers in each? The best two or three stages for a budget or a margin.

Customers of one store resemble each other, so a second interview in the same store says less than one in another store;
but another store costs a journey. Both prices and the likeness decide how many customers each visit should bring. The
plan is found among all whole numbers, not by rounding an ideal one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import SpecError
from survey_design.results import Column, Language, Result, Text, say
from survey_design.size.ledger import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Unit = Literal["store", "region"]

_PER_STORE = (5, 10, 15, 20, 30, 50)  # customers per store that clients ask about
_REGION_STEPS = (0.5, 0.75, 1.25, 1.5, 2.0)  # numbers of regions beside the best one, as shares of it
_PENNY = 1e-9  # share of a budget that is rounding, not money
_MOST = 5_000_000  # plans that are compared at once
_ENDLESS = 1e6  # stores, or customers in one store, that stand for "as many as you like"

STAGE_REASONS: Mapping[str, Text] = {
    "budget": {
        "en": "the budget does not pay for two units per stratum",
        "zh": "预算不足以在每层访问两个单位",
    },
    "margin": {
        "en": "the margin is out of reach, however many are asked",
        "zh": "无论访问多少人都达不到该误差",
    },
}


# --- the arithmetic ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Regions:
    """Regions (cities, districts) that are chosen first; stores are chosen within them, customers within stores.

    Parameters
    ----------
    cost : what a region costs once, before its stores (travel, an office, training)
    icc : share of the variance of all customers that lies between regions
    in_population : how many regions there are; without it the regions are a sample of endlessly many like them. If all
        are visited they cease to be a source of error.
    stores_each : how many stores there are in a region

    Examples
    --------
    >>> Regions(cost=8000, icc=0.02, in_population=13)
    Regions(cost=8000, icc=0.02, in_population=13, stores_each=None)
    """

    cost: float
    icc: float
    in_population: int | None = None
    stores_each: int | None = None

    def __post_init__(self) -> None:
        _refuse(
            _fault("cost", self.cost, at_least=0)
            + _fault("icc", self.icc, at_least=0, below=1)
            + (
                _fault("in_population", self.in_population, at_least=2, whole=True)
                if self.in_population is not None
                else []
            )
            + (_fault("stores_each", self.stores_each, at_least=1, whole=True) if self.stores_each is not None else []),
            "Regions: ",
        )


@dataclass(frozen=True)
class StageModel:
    """Variance and cost of every plan: regions R, stores a in each, customers m in each store.

    A plan is a column ``(R, a, m)`` of an array (3, k). Two stages are three with one region, wholly taken. Sizes of
    populations that are not known are infinite.

    ``V = sd² [ρ_r (1 − R/N_r)/R + ρ_s (1 + cv²)(1 − a/A)/(R a) + (1 − ρ_r − ρ_s)/(R a m)]``

    ``cost = c0 + R c_r + R a c_s + R a m c_i``
    """

    sd: float
    icc: float
    cost_per_store: float
    cost_per_interview: float
    fixed_cost: float = 0.0
    stores_each: float = float("inf")
    strata: int = 1
    cv: float = 0.0
    minimum: int = 5
    maximum: float = float("inf")
    level: float = 0.95
    region_cost: float = 0.0
    region_icc: float = 0.0
    regions: float = 1.0

    @property
    def between_stores(self) -> float:
        """Share of the variance between stores, as unequal numbers per store make it count."""
        return self.icc * (1 + self.cv**2)

    @property
    def staged(self) -> bool:
        """True if regions are chosen first."""
        return self.regions > 1

    def cost(self, plans: Array) -> Array:
        """(k,) cost of each plan."""
        regions, stores, customers = plans
        each = self.region_cost + stores * (self.cost_per_store + customers * self.cost_per_interview)
        return np.asarray(self.fixed_cost + regions * each)

    def variance(self, plans: Array) -> Array:
        """(k,) variance of the mean of all customers."""
        regions, stores, customers = plans
        between = self.region_icc * (1 - regions / self.regions) / regions
        stage2 = self.between_stores * (1 - stores / self.stores_each) / (regions * stores)
        within = (1 - self.icc - self.region_icc) / (regions * stores * customers)
        return np.asarray(self.sd**2 * (between + stage2 + within))

    def deff(self, plans: Array) -> Array:
        """(k,) variance over that of as many customers drawn singly from an endless population."""
        return np.asarray(self.variance(plans) * plans.prod(axis=0) / self.sd**2)

    def df(self, plans: Array) -> Array:
        """(k,) degrees of freedom: units less strata of the first stage that is not wholly taken; 0 for too few units.

        Each stratum needs two units, else nobody could say how they differ.
        """
        regions, stores, customers = plans
        n, groups = regions * stores, np.maximum(regions, self.strata)
        sampled = [regions < self.regions, stores < self.stores_each]
        enough = np.select(sampled, [regions >= 2 * self.strata, n >= 2 * groups], customers >= 2)
        df = np.select(sampled, [regions - self.strata, n - groups], n * (customers - 1))
        return np.asarray(np.where(enough, df, 0))

    def margin(self, plans: Array) -> Array:
        """(k,) half-width of the t interval; infinite for plans that leave no degrees of freedom."""
        from scipy.special import stdtrit

        df, place = np.unique(self.df(plans), return_inverse=True)
        t = np.where(df > 0, stdtrit(np.maximum(df, 1), (1 + self.level) / 2), np.inf)[place]
        return np.asarray(t * np.sqrt(self.variance(plans)))

    def ideal(self) -> tuple[float, float]:
        """Real-valued optimum: customers per store, and stores per region (nan with two stages).

        ``m = sqrt(c_s/c_i · ρ_w/ρ_s)`` and ``a = sqrt(c_r/c_s · ρ_s/ρ_r)``; neither depends on the budget.
        """
        within = 1 - self.icc - self.region_icc
        customers = _ratio_root(self.cost_per_store * within, self.cost_per_interview * self.between_stores)
        stores = _ratio_root(self.region_cost * self.between_stores, self.cost_per_store * self.region_icc)
        return customers, stores if self.staged else float("nan")

    def best(self, budget: float, regions: int | None = None) -> Array | None:
        """(3,) the plan with the smallest margin among all that the budget pays for, None if there is none."""
        plans = self._affordable(budget, regions)
        margins, costs = self.margin(plans), self.cost(plans)
        allowed = np.isfinite(margins) & (costs <= budget * (1 + _PENNY))
        if not allowed.any():
            return None
        plans, margins, costs = plans[:, allowed], margins[allowed], costs[allowed]
        equal = margins <= margins.min() * (1 + 1e-12)
        return np.asarray(plans[:, equal][:, np.argmin(costs[equal])])

    def cheapest(self, target: float, regions: int | None = None) -> Array | None:
        """(3,) the cheapest plan whose margin is no wider than the target, None if no plan is that good."""
        if self.finest(regions) > target * (1 + 1e-12):
            return None
        low, plan = self.fixed_cost, self._reach(target, regions)
        high = float(self.cost(plan))
        while high - low > 10 * _PENNY * high:
            middle = (low + high) / 2 if high - low > 1e-6 * high else high * (1 - 9 * _PENNY)
            tried = self.best(middle, regions)
            if tried is None or self.margin(tried[:, None])[0] > target * (1 + 1e-12):
                low = middle
            else:
                plan, high = tried, min(middle, float(self.cost(tried)))
        return plan

    def finest(self, regions: int | None = None) -> float:
        """The margin that no plan can beat, whatever it costs."""
        most = np.array([regions or self.regions, self.stores_each, self.maximum])
        plan = np.where(np.isfinite(most), most, _ENDLESS)
        return float(self.margin(plan[:, None])[0])

    def least(self, regions: int | None = None) -> float:
        """Cost of the smallest plan that leaves degrees of freedom."""
        m = max(self.minimum, 1)
        some = [regions] if regions else [*range(1, int(min(self.regions, 2 * self.strata)) + 1)]
        tried = [(r, a, k) for r in some for a in self._first_stores(r) for k in (m, max(m, 2)) if k <= self.maximum]
        plans = np.array(tried, dtype=float).reshape(-1, 3).T
        costs = self.cost(plans)[self.df(plans) > 0]
        return float(costs.min()) if costs.size else float("inf")

    def _first_stores(self, regions: int) -> list[int]:
        """Small numbers of stores in a region, one of which is the smallest that will do."""
        enough = max(2, -(-2 * max(regions, self.strata) // regions))
        return [int(min(a, self.stores_each)) for a in (1, enough)]

    def _reach(self, target: float, regions: int | None) -> Array:
        """(3,) any plan that meets the target: the budget is doubled until one does."""
        money = self.least(regions) - self.fixed_cost
        while True:
            plan = self.best(self.fixed_cost + money, regions)
            if plan is not None and self.margin(plan[:, None])[0] <= target:
                return plan
            money *= 2

    def _affordable(self, budget: float, regions: int | None) -> Array:
        """(3, k) plans among which the best is: for each number of regions and either stores or customers per store, as
        many of the other as the money buys.

        Stores times customers is at most money / cost per interview, so one of the two is at most its root. It is enough
        to go through the stores up to there, and through the customers up to there.
        """
        money = budget * (1 + _PENNY) - self.fixed_cost
        cheapest = self.region_cost + self.cost_per_store + self.minimum * self.cost_per_interview
        last = min(self.regions, max(money, 0.0) // cheapest)
        r = np.arange(1, last + 1) if regions is None else np.array([float(regions)])
        each = money / r - self.region_cost
        r, each = r[each > 0], each[each > 0]
        side = np.floor(np.sqrt(each / self.cost_per_interview)) + 1
        few, many = np.minimum(side, self.maximum) - self.minimum + 1, np.minimum(side, self.stores_each)
        if np.maximum(few, 0).sum() + many.sum() > _MOST:
            raise SpecError(
                f"more than {_MOST:,} plans would have to be compared. Give maximum_per_store or the number of "
                "regions in the population, or look whether costs and budget (or margin) are in the same units."
            )
        k, step = _runs(few)
        m = self.minimum + step
        a = np.floor(each[k] / (self.cost_per_store + m * self.cost_per_interview))
        whole = (m == 1) & (r[k] >= self.regions)  # one customer in every store leaves no degrees of freedom
        by_customers = np.array([r[k], np.minimum(a, self.stores_each - whole), m])
        k, step = _runs(many)
        a = 1 + step
        m = np.minimum(np.floor((each[k] / a - self.cost_per_store) / self.cost_per_interview), self.maximum)
        plans = np.concatenate([by_customers, np.array([r[k], a, m])], axis=1)
        return np.asarray(plans[:, (plans[1] >= 1) & (plans[2] >= self.minimum)])


def _runs(lengths: Array) -> tuple[Array, Array]:
    """For runs of given lengths: (n,) the number of the run, and (n,) 0, 1, 2, ... within it.

    >>> _runs(np.array([2, 0, 3]))
    (array([0, 0, 2, 2, 2]), array([0, 1, 0, 1, 2]))
    """
    lengths = np.maximum(lengths, 0).astype(int)
    run = np.repeat(np.arange(len(lengths)), lengths)
    return run, np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _ratio_root(above: float, below: float) -> float:
    """Square root of a ratio, infinite where only the denominator is 0, nan for 0/0."""
    if below == 0:
        return float("inf") if above > 0 else float("nan")
    return float(np.sqrt(above / below))


# --- the plan ----------------------------------------------------------------------------------------------

_COLUMNS: Mapping[str, tuple[str, str, Any]] = {
    "regions": ("regions", "片区数", "count"),
    "stores": ("stores", "门店数", "count"),
    "coverage": ("share of all", "占总体", "share"),
    "per_store": ("customers per store", "每店顾客数", "count"),
    "per_region": ("customers per region", "每片区顾客数", "count"),
    "interviews": ("interviews", "访问总数", "count"),
    "cost": ("cost", "费用", "number"),
    "se": ("SE", "标准误", "number"),
    "margin": ("margin ±", "误差 ±", "number"),
    "df": ("df", "自由度", "df"),
    "deff": ("design effect", "设计效应", "number"),
    "n_effective": ("effective n", "有效样本量", "count"),
    "choice": ("", "", "text"),
    "reason": ("remark", "说明", "text"),
}
_CHOICES: Mapping[str, Text] = {"best": {"en": "← best", "zh": "← 最优"}, "": {"en": "", "zh": ""}}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StoresAndCustomers(Result):
    """A plan in stages, the best for its budget or margin, beside alternatives.

    Each row is the best plan with that many customers per store (with three stages: that many regions). Read along the
    columns what a change buys: more stores cover more of the market, a smaller margin is a more stable result, and both
    cost money. Columns of ``to_frame()``: ``regions`` (three stages), ``stores``, ``per_store``, ``interviews``, ``cost``,
    ``se``, ``margin``, ``df``, ``deff``, ``n_effective``, ``choice`` ("best" in one row), ``reason``; ``coverage`` where the
    number of stores is known. Between regions and customers alone the first are ``regions`` and ``per_region``.

    Attributes
    ----------
    model : costs and variances of all plans
    budget, target : what was given: money, or the margin to be reached
    unit : what is visited, "store" or "region"
    """

    model: StageModel
    budget: float | None
    target: float | None
    unit: Unit = "store"

    @property
    def best(self) -> dict[str, Any]:
        """The best plan's row."""
        row = self.frame[self.frame["choice"] == "best"].iloc[0]
        return {str(name): row[name] for name in self.frame.columns}

    @property
    def n(self) -> int:
        """Interviews to complete."""
        return int(self.best["interviews"])

    @property
    def margin(self) -> float:
        """Half-width of the interval of the mean that the plan reaches."""
        return float(self.best["margin"])

    @property
    def cost(self) -> float:
        """What the plan costs, with the fixed cost."""
        return float(self.best["cost"])

    @property
    def ideal_per_store(self) -> float:
        """Real-valued optimum of customers per store: infinite where stores do not differ."""
        return self.model.ideal()[0]

    def curve(self, points: int = 80, *, per_store: int | None = None, regions: int | None = None) -> pd.DataFrame:
        """Best margin for budgets from two fifths to twice the plan's cost.

        Parameters
        ----------
        points : how many budgets
        per_store, regions : look only at plans with that many

        Returns
        -------
        DataFrame with ``cost, margin``, a row per distinct plan.
        """
        model, money = _with_customers(self.model, per_store), self.cost - self.model.fixed_cost
        budgets = self.model.fixed_cost + money * np.linspace(0.4, 2.0, points)
        found = [plan for plan in (model.best(float(budget), regions) for budget in budgets) if plan is not None]
        if not found:
            return pd.DataFrame({"cost": [], "margin": []}, dtype=float)
        plans = np.unique(np.array(found), axis=0).T
        table = pd.DataFrame({"cost": model.cost(plans), "margin": model.margin(plans)})
        return table.sort_values("cost", ignore_index=True)

    def title(self) -> str:
        zh, unit = self.language == "zh", say(_UNITS[self.unit], self.language)
        if self.budget is not None:
            money = _money(self.budget)
            return f"{unit}与顾客：预算 {money} 的最优方案" if zh else f"{unit}s and customers: best plan for {money}"
        aim = f"±{self.target:g}"
        return f"{unit}与顾客：误差 {aim} 的最低费用方案" if zh else f"{unit}s and customers: cheapest plan for {aim}"

    def columns(self) -> tuple[Column, ...]:
        whole = self.frame["cost"].dropna().mod(1).eq(0).all()
        decimals = {"cost": 0 if whole else 2, **dict.fromkeys(("se", "margin"), _decimals(self.margin))}
        words = {"choice": _CHOICES, "reason": {"": {"en": "", "zh": ""}, **STAGE_REASONS}}
        return tuple(
            Column(name, {"en": en, "zh": zh}, kind, words.get(name, {}), decimals.get(name, 2))
            for name, (en, zh, kind) in _COLUMNS.items()
            if name != "reason" or self.frame["reason"].ne("").any()
        )

    def sentence(self, language: Language | None = None) -> str:
        """The best plan in one sentence, in the result's language or another."""
        row, tongue = self.best, language or self.language
        cost, margin = _money(self.cost), self.figures()
        percent, what = f"{100 * self.model.level:g}%", _visits(row, self.unit, tongue)
        if tongue == "zh":
            money = f"费用 {cost}" + (f"（预算 {_money(self.budget)}）" if self.budget is not None else "")
            sure = f"{percent} 置信水平下误差 {margin}（t，自由度 {row['df']:,}）"
            return f"{what}：{money}，{sure}，设计效应 {row['deff']:.2f}，相当于 {row['n_effective']:,.0f} 份独立访问。"
        money = f"cost {cost}" + (f" of {_money(self.budget)}" if self.budget is not None else "")
        sure = f"margin {margin} at {percent} (t, df {row['df']:,})"
        worth = f"design effect {row['deff']:.2f}, worth {row['n_effective']:,.0f} independent interviews"
        return f"{what}: {money}, {sure}, {worth}."

    def figures(self) -> str:
        """The margin as it is written: ``±0.115``."""
        return f"±{self.margin:.{_decimals(self.margin)}f}"

    def note(self) -> str:
        zh = self.language == "zh"
        return ("" if zh else " ").join(say(part, self.language) for part in _remarks(self) if part)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Margin against cost, the plan marked: how much a larger budget would buy."""
        from survey_design.plots.stages import draw_stages

        return draw_stages(self, ax)


_UNITS: Mapping[str, Text] = {"store": {"en": "Store", "zh": "门店"}, "region": {"en": "Region", "zh": "片区"}}


def _visits(row: Mapping[str, Any], unit: Unit, language: str) -> str:
    n = int(row["interviews"])
    if unit == "region":
        r, m = int(row["regions"]), int(row["per_region"])
        zh = f"选 {r:,} 个片区，每片区访问 {m:,} 位顾客，共 {n:,} 份访问"
        en = f"Choose {counted(r, 'region')} and interview {counted(m, 'customer')} in each, {counted(n, 'interview')}"
    else:
        a, m = int(row["stores"]), int(row["per_store"])
        place = f"选 {int(row['regions']):,} 个片区，共 {a:,} 家门店" if "regions" in row else f"访问 {a:,} 家门店"
        zh = f"{place}，每店访问 {m:,} 位顾客，共 {n:,} 份访问"
        there = f" in {counted(int(row['regions']), 'region')}" if "regions" in row else ""
        en = f"Visit {counted(a, 'store')}{there} and interview {counted(m, 'customer')} in each, {counted(n, 'interview')}"
    return zh if language == "zh" else en


def _remarks(result: StoresAndCustomers) -> list[Text]:
    """What must be said beside the table: what it rests on, the ideal, what binds, the method."""
    model, row = result.model, result.best
    count = int(row["per_store" if result.unit == "store" else "per_region"])
    visited = int(row["stores" if result.unit == "store" else "regions"])
    if model.staged:
        whole: Unit | None = "region" if int(row["regions"]) >= model.regions else None
    else:
        whole = result.unit if visited >= model.stores_each else None
    ideal = _whole_words(whole) if whole else _ideal_words(model, result.unit)
    return [_assumed_words(model, result.unit), ideal, _bound_words(model, count, result.unit), _METHOD]


def _assumed_words(model: StageModel, unit: Unit) -> Text:
    name = say(_UNITS[unit], "zh")
    en = [f"sd {model.sd:g}", f"share of the variance between {unit}s (ICC) {model.icc:g}"]
    zh = [f"标准差 {model.sd:g}", f"{name}间方差占比（ICC）{model.icc:g}"]
    if model.staged:
        en.append(f"between regions {model.region_icc:g}")
        zh.append(f"片区间方差占比 {model.region_icc:g}")
    if model.cv:
        en.append(f"cv of the customers per {unit} {model.cv:g}")
        zh.append(f"每{name}顾客数的变异系数 {model.cv:g}")
    costs = [(_money(model.region_cost), "region", "片区")] if model.staged else []
    costs += [(_money(model.cost_per_store), unit, name), (_money(model.cost_per_interview), "interview", "份访问")]
    fixed = model.fixed_cost > 0
    en.append(
        "cost "
        + (f"{_money(model.fixed_cost)} fixed, " if fixed else "")
        + ", ".join(f"{c} per {u}" for c, u, _ in costs)
    )
    zh.append(
        "费用："
        + (f"固定 {_money(model.fixed_cost)}，" if fixed else "")
        + "，".join(f"每{u} {c}" for c, _, u in costs)
    )
    return {"en": f"Planned with {'; '.join(en)}.", "zh": f"计算依据：{'；'.join(zh)}。"}


def _whole_words(unit: Unit) -> Text:
    return {
        "en": f"All {unit}s are visited: they are no source of error, and the result is about these {unit}s.",
        "zh": f"所有{say(_UNITS[unit], 'zh')}都访问，不再带来抽样误差，结论只针对这些{say(_UNITS[unit], 'zh')}。",
    }


def _ideal_words(model: StageModel, unit: Unit) -> Text:
    """The real-valued optimum beside the whole-number one."""
    (customers, stores), name = model.ideal(), say(_UNITS[unit], "zh")
    if not np.isfinite(customers):
        return {
            "en": f"Where {unit}s do not differ, few {unit}s are cheapest.",
            "zh": f"{name}之间没有差异时，{name}越少越省。",
        }
    more = np.isfinite(stores)
    return {
        "en": f"Before rounding and bounds, {customers:.1f} customers per {unit}"
        + (f" and {stores:.1f} stores per region" if more else "") + " would be best.",
        "zh": f"取整与上下限之前，最优为每{name} {customers:.1f} 位顾客" + (f"、每片区 {stores:.1f} 家门店" if more else "") + "。",
    }  # fmt: skip


def _bound_words(model: StageModel, count: int, unit: Unit) -> Text:
    customers, name = model.ideal()[0], say(_UNITS[unit], "zh")
    if count == model.minimum and customers < count:
        return {"en": f"The floor of {count} per {unit} decides.", "zh": f"每{name}至少 {count} 人的下限起了作用。"}
    if count == model.maximum and customers > count:
        return {"en": f"The ceiling of {count} per {unit} decides.", "zh": f"每{name}至多 {count} 人的上限起了作用。"}
    return {}


_METHOD: Text = {
    "en": "The best of all plans in whole numbers with equally many customers in each, for units drawn at random; t interval, "
    "df = units − strata. Source: Hansen, Hurwitz and Madow (1953); Cochran (1977), ch. 10.",
    "zh": "从各处顾客数相等的全部整数方案中选出，以随机抽取为前提；t 区间，自由度 = 单位数 − 层数。"
    "来源：Hansen, Hurwitz and Madow (1953); Cochran (1977), ch. 10。",
}


def size_for_stores_and_customers(
    *, sd: float, icc: float, cost_per_store: float, cost_per_interview: float, budget: float | None = None,
    margin: float | None = None, fixed_cost: float = 0.0, stores_in_population: int | None = None, strata: int = 1,
    cv: float = 0.0, minimum_per_store: int = 5, maximum_per_store: int | None = None,
    regions: Regions | None = None, level: float = 0.95,
) -> StoresAndCustomers:  # fmt: skip
    """How many stores to visit and how many customers to stop in each, for a budget or for a margin.

    Parameters
    ----------
    sd : standard deviation of the rating among customers; for a share p it is ``sqrt(p (1 − p))``
    icc : intraclass correlation ρ: the share of the variance that lies between stores. Take it from an earlier wave;
        .05 is a common guess for ratings of service, .10 a careful one.
    cost_per_store, cost_per_interview : money for one more store (journey, permission) and for one more interview
    budget, margin : give one: the money there is, or the half-width that the interval of the mean shall have
    fixed_cost : money that is spent whatever the plan (questionnaire, report)
    stores_in_population : how many stores there are; without it the result is about stores like these. With
        ``regions``, give ``Regions(stores_each=…)`` instead.
    strata : number of strata that stores (with ``regions``: regions) are drawn from; each gets at least two
    cv : coefficient of variation of the interviews per store, where they will follow the traffic
    minimum_per_store, maximum_per_store : bounds of the customers in one store; under five a store's own result says
        next to nothing
    regions : regions are chosen first, at a cost of their own
    level : confidence

    Returns
    -------
    StoresAndCustomers
        The best plan and alternatives beside it, each with cost, margin, design effect and effective n.

    Raises
    ------
    SpecError
        If an argument cannot be used, the budget does not pay for the smallest plan (the message says what would), or
        no plan reaches the margin (it says what can be reached).

    Notes
    -----
    With n stores out of N and m customers in each the mean has the variance

    ``V = sd² [ρ (1 + cv²)(1 − n/N)/n + (1 − ρ)/(n m)] = (without 1 − n/N) sd²/(n m) · [1 + (m (1 + cv²) − 1) ρ]``

    at the cost ``c0 + c1 n + c2 n m``. The margin is ``t sqrt(V)``, t with n − strata degrees of freedom. Among real
    numbers ``m = sqrt(c1/c2 · (1 − ρ)/(ρ (1 + cv²)))`` is best, whatever the budget; near it the margin changes little,
    so round numbers cost next to nothing. Among whole numbers rounding that value may miss the best plan by what is left
    over, so all plans are compared. If all N stores are visited, they cease to be a source of error and the degrees of
    freedom are those within stores. Every store gets the same number of customers; the finite number of customers in a
    store is left aside, which is on the safe side.

    References
    ----------
    Hansen, Hurwitz and Madow (1953), Sample Survey Methods and Theory I, Wiley, chapter 6. Cochran (1977), Sampling
    Techniques, 3rd ed., Wiley, sections 10.6, 10.8 and 11. Kish (1965), Survey Sampling, Wiley. Valliant, Dever and
    Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, 2nd ed., Springer,
    doi:10.1007/978-3-319-93632-1. Checked against enumeration of all plans and against simulated two-stage samples
    (tests/test_size_stages.py).

    Examples
    --------
    >>> plan = size_for_stores_and_customers(sd=1.2, icc=0.05, cost_per_store=600, cost_per_interview=40, budget=60_000)
    >>> plan.sentence()
    'Visit 50 stores and interview 15 customers in each, 750 interviews: cost 60,000 of 60,000, margin ±0.115 at 95% (t, df 49), design effect 1.70, worth 441 independent interviews.'
    >>> round(plan.ideal_per_store, 1)
    16.9
    """
    if regions is not None and stores_in_population is not None:
        raise SpecError("with regions the number of stores belongs to them: Regions(…, stores_each=…).")
    given = regions or Regions(0.0, 0.0, None, stores_in_population)
    named = {"sd": sd, "icc": icc, "cost_per_store": cost_per_store, "cost_per_interview": cost_per_interview,
             "fixed_cost": fixed_cost, "strata": strata, "cv": cv, "minimum_per_store": minimum_per_store,
             "maximum_per_store": maximum_per_store, "stores_in_population": stores_in_population, "budget": budget,
             "margin": margin, "level": level}  # fmt: skip
    _check_plan(named, given.icc)
    model = StageModel(
        sd=sd, icc=icc, cost_per_store=cost_per_store, cost_per_interview=cost_per_interview, fixed_cost=fixed_cost,
        stores_each=_or_endless(given.stores_each), strata=strata, cv=cv, minimum=minimum_per_store,
        maximum=_or_endless(maximum_per_store), level=level, region_cost=given.cost, region_icc=given.icc,
        regions=1.0 if regions is None else _or_endless(regions.in_population),
    )  # fmt: skip
    return _planned(model, budget, margin, "store")


def size_for_regions_and_customers(
    *, sd: float, icc: float, cost_per_region: float, cost_per_interview: float, budget: float | None = None,
    margin: float | None = None, fixed_cost: float = 0.0, regions_in_population: int | None = None, strata: int = 1,
    cv: float = 0.0, minimum_per_region: int = 2, maximum_per_region: int | None = None, level: float = 0.95,
) -> StoresAndCustomers:  # fmt: skip
    """How many regions to choose and how many customers to interview in each: coverage against stability and cost.

    The trade-off of :func:`size_for_stores_and_customers` one stage higher: a region (city, district) has its price, and
    customers are drawn directly within it. Cost ``c0 + c_region R + c_interview R m``. Where customers are met in stores,
    give ``regions=Regions(…)`` to that function instead, which plans all three stages.

    Parameters
    ----------
    icc : share of the variance of the rating that lies between regions
    cost_per_region, cost_per_interview : money for one more region and for one more interview
    regions_in_population : how many regions there are
    minimum_per_region, maximum_per_region : bounds of the customers in one region
    sd, budget, margin, fixed_cost, strata, cv, level : as there

    References
    ----------
    As for :func:`size_for_stores_and_customers`.

    Examples
    --------
    >>> plan = size_for_regions_and_customers(
    ...     sd=1.2, icc=0.02, cost_per_region=5000, cost_per_interview=60, budget=100_000, regions_in_population=13
    ... )
    >>> plan.sentence()
    'Choose 13 regions and interview 44 customers in each, 572 interviews: cost 99,320 of 100,000, margin ±0.0976 at 95% (t, df 559), design effect 0.98, worth 584 independent interviews.'
    """
    named = {"sd": sd, "icc": icc, "cost_per_region": cost_per_region, "cost_per_interview": cost_per_interview,
             "fixed_cost": fixed_cost, "strata": strata, "cv": cv, "minimum_per_region": minimum_per_region,
             "maximum_per_region": maximum_per_region, "regions_in_population": regions_in_population,
             "budget": budget, "margin": margin, "level": level}  # fmt: skip
    _check_plan(named, 0.0)
    model = StageModel(
        sd=sd, icc=icc, cost_per_store=cost_per_region, cost_per_interview=cost_per_interview, fixed_cost=fixed_cost,
        stores_each=_or_endless(regions_in_population), strata=strata, cv=cv, minimum=minimum_per_region,
        maximum=_or_endless(maximum_per_region), level=level,
    )  # fmt: skip
    return _planned(model, budget, margin, "region")


def _planned(model: StageModel, budget: float | None, target: float | None, unit: Unit) -> StoresAndCustomers:
    """The best plan, and others beside it."""
    plan = model.best(budget) if budget is not None else model.cheapest(float(target or 0))
    if plan is None:
        raise _impossible(model, budget, target)
    rows = [_row(model, plan, "best", "")]
    for other in _alternatives(model, plan):
        narrowed = model if model.staged else _with_customers(model, other)
        regions = other if model.staged else None
        found = narrowed.best(budget, regions) if budget is not None else narrowed.cheapest(float(target or 0), regions)
        near = np.array([other, np.nan, np.nan] if model.staged else [1, np.nan, other])
        why = "" if found is not None else "budget" if budget is not None else "margin"
        rows.append(_row(model, near if found is None else found, "", why))
    frame = pd.DataFrame(rows).sort_values(["regions", "per_store"] if model.staged else "per_store", ignore_index=True)
    return StoresAndCustomers(_named(frame, model, unit), model=model, budget=budget, target=target, unit=unit)


def _alternatives(model: StageModel, plan: Array) -> list[int]:
    """Customers per store to show beside the best plan; with three stages, numbers of regions."""
    regions, _, customers = (int(number) for number in plan)
    if model.staged:
        near = {max(round(step * regions), 1) for step in _REGION_STEPS}
        return sorted(r for r in near - {regions} if 2 * model.strata <= r <= model.regions)
    asked = {*_PER_STORE, model.minimum}
    return sorted(m for m in asked - {customers} if model.minimum <= m <= model.maximum)


def _with_customers(model: StageModel, per_store: int | None) -> StageModel:
    return model if per_store is None else replace(model, minimum=per_store, maximum=float(per_store))


def _row(model: StageModel, plan: Array, choice: str, reason: str) -> dict[str, Any]:
    regions, stores, customers = (float(number) for number in plan)
    row: dict[str, Any] = {"regions": regions, "stores": regions * stores, "per_store": customers}
    row |= {"coverage": stores / model.stores_each * (regions / model.regions)}
    row |= {"interviews": regions * stores * customers, **dict.fromkeys(_NUMBERS, float("nan"))}
    if not reason:
        column = plan[:, None].astype(float)
        deff = float(model.deff(column)[0])
        row |= {"cost": float(model.cost(column)[0]), "se": float(np.sqrt(model.variance(column)[0]))}
        row |= {"margin": float(model.margin(column)[0]), "df": float(model.df(column)[0]), "deff": deff}
        row["n_effective"] = row["interviews"] / deff
    return row | {"choice": choice, "reason": reason}


_NUMBERS = ("cost", "se", "margin", "df", "deff", "n_effective")


def _named(frame: pd.DataFrame, model: StageModel, unit: Unit) -> pd.DataFrame:
    """The columns that this plan has, under its names, counts as whole numbers."""
    counts = ["regions", "stores", "per_store", "interviews", "df"]
    frame = frame.astype(dict.fromkeys(counts, "Int64"))
    known = np.isfinite(model.stores_each) and np.isfinite(model.regions)
    dropped = ([] if model.staged else ["regions"]) + ([] if known else ["coverage"])
    frame = frame.drop(columns=dropped)
    return frame if unit == "store" else frame.rename(columns={"stores": "regions", "per_store": "per_region"})


# --- what cannot be planned --------------------------------------------------------------------------------


def _impossible(model: StageModel, budget: float | None, target: float | None) -> SpecError:
    if budget is not None:
        least = model.least()
        if not np.isfinite(least):
            return SpecError(
                "no plan leaves degrees of freedom: each stratum needs two units, or two customers in each where all "
                "units are visited. Use fewer strata, or correct the number of units in the population."
            )
        return SpecError(
            f"budget={budget:g} does not pay for the smallest plan, which costs {_money(least)} (two units per stratum, "
            f"{model.minimum} customers in each). Raise the budget or lower the minimum."
        )
    return SpecError(
        f"margin={target:g} is out of reach: with the largest numbers allowed it is {model.finest():.4g}. Allow more "
        "customers in each unit, or accept a wider margin."
    )


def _check_plan(named: Mapping[str, Any], region_icc: float) -> None:
    """All arguments that cannot be used, named as they were given."""
    lowest = {"sd": 0, "cost_per_interview": 0, "budget": 0, "margin": 0}
    faults: list[str] = []
    for name, value in named.items():
        if value is None:
            continue
        if name in lowest:
            faults += _fault(name, value, above=0)
        elif name in ("icc", "level"):
            faults += _fault(name, value, above=0, below=1) if name == "level" else _fault(name, value, 0, below=1)
        else:
            whole = name == "strata" or name.startswith(("minimum", "maximum", "stores_in", "regions_in"))
            faults += _fault(name, value, at_least=1 if whole else 0, whole=whole)
    if (named["budget"] is None) == (named["margin"] is None):
        faults.append("give either budget or margin, not both and not neither")
    if not faults and region_icc + named["icc"] >= 1:
        faults.append(
            f"icc={named['icc']:g} and Regions(icc={region_icc:g}) are shares of one variance: below 1 together"
        )
    bounds = [value for name, value in named.items() if name.startswith(("minimum", "maximum"))]
    if not faults and bounds[1] is not None and bounds[0] > bounds[1]:
        faults.append(f"the minimum of {bounds[0]} customers in each is above the maximum of {bounds[1]}")
    if not faults and named["budget"] is not None and named["budget"] <= named["fixed_cost"]:
        faults.append(f"budget={named['budget']:g} is used up by fixed_cost={named['fixed_cost']:g}")
    _refuse(faults)


def _fault(
    name: str, value: Any, at_least: float | None = None, *, above: float | None = None, below: float | None = None,
    whole: bool = False,
) -> list[str]:  # fmt: skip
    """What is wrong with a number, in a list of one; empty if nothing is."""
    words = [f"at least {at_least:g}"] if at_least is not None else []
    words += [f"above {above:g}"] if above is not None else []
    words += [f"below {below:g}"] if below is not None else []
    wanted = f"{name}={value!r} must be a {'whole ' if whole else ''}number {' and '.join(words)}"
    if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(float(value)):
        return [wanted]
    number = float(value)
    fits = (at_least is None or number >= at_least) and (above is None or number > above)
    fits = fits and (below is None or number < below) and (not whole or number == round(number))
    return [] if fits else [wanted]


def _refuse(faults: Sequence[str], where: str = "") -> None:
    if faults:
        raise SpecError(where + "; ".join(faults) + ".")


def _or_endless(count: int | None) -> float:
    return float("inf") if count is None else float(count)


def _money(amount: float) -> str:
    return f"{amount:,.0f}" if float(amount) == round(amount) else f"{amount:,.2f}"


def _decimals(margin: float) -> int:
    """Places that show a margin with three significant digits, two at least."""
    return int(np.clip(2 - np.floor(np.log10(margin)), 2, 6)) if margin > 0 else 2
