"""Does better service pay? Investment, savings and revenue as cash flow by year, with payback, present value, and what would turn the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.importance import chance_words
from servqual.priorities.money import in_currency, with_currency
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say
from survey_design.size.ledger import check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

RATES: Mapping[str, Text] = {
    "investment": {"en": "investment, share of operating budget", "zh": "投资占运营预算比例"},
    "saving": {"en": "saving, share of operating cost a year", "zh": "每年节约占运营成本比例"},
    "revenue_rise": {"en": "rise of revenue", "zh": "收入增幅"},
    "margin": {"en": "share of added revenue that stays", "zh": "新增收入留存比例"},
    "discount_rate": {"en": "discount rate", "zh": "贴现率"},
}
QUANTITIES: Mapping[str, Text] = {
    "investment": {"en": "investment", "zh": "投资额"},
    "saving": {"en": "saving a year", "zh": "每年节约"},
    "revenue": {"en": "added revenue a year", "zh": "每年新增收入"},
    "contribution": {"en": "of it stays, a year", "zh": "其中每年留存"},
    "yearly": {"en": "inflow a year", "zh": "每年净流入"},
    "payback_saving": {"en": "payback from saving alone, years", "zh": "仅靠节约的回收期（年）"},
    "payback": {"en": "payback, years", "zh": "回收期（年）"},
    "payback_discounted": {"en": "discounted payback, years", "zh": "贴现回收期（年）"},
    "npv": {"en": "net present value", "zh": "净现值（NPV）"},
    "roi": {"en": "return on investment, undiscounted", "zh": "投资回报率（ROI，未贴现）"},
    "irr": {"en": "internal rate of return", "zh": "内部收益率（IRR）"},
}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "not within": {"en": "not paid back within the years counted", "zh": "在计算年限内未能回收"},
    "some not within": {"en": "in some draws not paid back: upper end open", "zh": "部分抽取未能回收，上限不封口"},
    "no inflow": {"en": "nothing flows back: no rate of return", "zh": "无净流入，不存在收益率"},
    "no saving": {"en": "nothing is saved", "zh": "没有节约"},
}
CAUSAL: Text = {
    "en": "That better service raises revenue, and by how much, is assumed here, not shown: surveys say what goes together. Try it in some "
          "stores and compare them with others before it is counted on",
    "zh": "服务改善会带来收入增长及其幅度是此处的假设，并非结论：调查只反映关联。应先在部分门店试行，并与未试行门店比较，再作依据",
}  # fmt: skip
_MONEY = ("investment", "saving", "revenue", "contribution", "yearly", "npv")
_PAYBACKS = ("payback_saving", "payback", "payback_discounted")
_SWAY = 0.5  # of each rate, up and down, where nobody stated a range


# --- arithmetic of money -----------------------------------------------------------------------------------


def present_value(flows: Array, rate: Array | float) -> Array:
    """Value today of flows (…, years + 1), the first one now and the others at the end of each year: ``sum_t flow_t / (1 + rate)^t``.

    >>> round(float(present_value(np.array([-100.0, 60.0, 60.0]), 0.10)), 4)
    4.1322
    """
    years = np.arange(np.shape(flows)[-1])
    return (flows * (1 + np.asarray(rate, dtype=float)[..., None]) ** -years).sum(axis=-1)


def internal_rate(flows: Array) -> Array:
    """The rate at which flows (…, years + 1) are worth nothing today; nan where there is none.

    For an outlay now and inflows of 0 or more later, of which one is above 0, there is exactly one: the present value falls
    with the rate. With other flows there may be several or none, and nan is returned. Found by halving in ``v = 1 / (1 + rate)``.

    >>> round(float(internal_rate(np.array([-100.0, 60.0, 60.0]))), 6)
    0.130662
    """
    flows = np.asarray(flows, dtype=float)
    outlay, later = -flows[..., 0], flows[..., 1:]
    fine = (outlay > 0) & (later >= 0).all(axis=-1) & (later > 0).any(axis=-1)
    years = np.arange(1, flows.shape[-1])
    low, high = np.zeros(outlay.shape), np.ones(outlay.shape)

    def worth(v: Array) -> Array:
        return (later * v[..., None] ** years).sum(axis=-1)

    short = fine & (worth(high) < outlay)
    while short.any():
        high = np.where(short, 2 * high, high)
        short = fine & (worth(high) < outlay)
    for _ in range(200):
        middle = (low + high) / 2
        above = worth(middle) >= outlay
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(fine, 1 / np.where(fine, (low + high) / 2, 1.0) - 1, np.nan)


def payback(flows: Array) -> Array:
    """Years until flows (…, years + 1) add up to 0, evenly spread within a year; nan where they never do.

    Discount the flows first for the discounted payback.

    >>> float(payback(np.array([-15.0, 10.0, 10.0]))), float(payback(np.array([-15.0, 10.0])))
    (1.5, nan)
    """
    flows = np.asarray(flows, dtype=float)
    total = flows.cumsum(axis=-1)
    reached = total >= -1e-12 * np.abs(flows[..., :1])
    first = reached.argmax(axis=-1)
    before = np.take_along_axis(total, np.maximum(first - 1, 0)[..., None], axis=-1)[..., 0]
    step = np.take_along_axis(flows, first[..., None], axis=-1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        years = np.where(first == 0, 0.0, first - 1 + np.clip(-before / step, 0, 1))
    return np.where(reached.any(axis=-1), years, np.nan)


@dataclass(frozen=True)
class _Firm:
    """Amounts of one year before anything is done, and how many years are counted."""

    budget: float
    cost: float
    revenue: float
    years: int

    def parts(self, rates: Mapping[str, Any]) -> dict[str, Array]:
        """Investment, saving, revenue and what stays of it, for one or many rates."""
        revenue = np.asarray(rates["revenue_rise"] * self.revenue, dtype=float)
        return {"investment": np.asarray(rates["investment"] * self.budget, dtype=float),
                "saving": np.asarray(rates["saving"] * self.cost, dtype=float), "revenue": revenue,
                "contribution": np.asarray(rates["margin"] * revenue, dtype=float)}  # fmt: skip

    def flows(self, parts: Mapping[str, Array]) -> Array:
        """(…, years + 1) what flows: the outlay now, the same inflow at the end of each year."""
        inflow = parts["saving"] + parts["contribution"]
        return np.concatenate(
            [-parts["investment"][..., None], np.repeat(inflow[..., None], self.years, axis=-1)], axis=-1
        )

    def quantities(self, rates: Mapping[str, Any]) -> dict[str, Array]:
        """Everything that is reported, for one or many rates."""
        parts = self.parts(rates)
        flows = self.flows(parts)
        discount = np.asarray(rates["discount_rate"], dtype=float)
        factors = (1 + discount[..., None]) ** -np.arange(self.years + 1)
        inflow = parts["saving"] + parts["contribution"]
        alone = self.flows({**parts, "contribution": np.zeros_like(parts["contribution"])})
        return {**parts, "yearly": inflow, "payback_saving": payback(alone), "payback": payback(flows),
                "payback_discounted": payback(flows * factors), "npv": present_value(flows, discount),
                "roi": (self.years * inflow - parts["investment"]) / parts["investment"], "irr": internal_rate(flows)}  # fmt: skip

    def npv(self, rates: Mapping[str, float]) -> float:
        """Net present value at one set of rates."""
        return float(present_value(self.flows(self.parts(rates)), rates["discount_rate"]))


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class CashFlow(Result):
    """What flows in each year, for a referee to add up.

    Frame columns: ``year, investment, saving, contribution, net, factor`` (``(1 + rate)^-year``), ``present`` (``net x factor``),
    ``cumulative, cumulative_present``.
    """

    discount_rate: float = 0.0
    currency: str = ""

    def title(self) -> str:
        return say(in_currency({"en": "Cash flow by year", "zh": "逐年现金流"}, self.currency), self.language)

    def columns(self) -> tuple[Column, ...]:
        names = {"year": ("year", "年"), "investment": ("investment", "投资"), "saving": ("saving", "节约"),
                 "contribution": ("added revenue that stays", "新增收入留存"), "net": ("net", "净额"), "factor": ("factor", "贴现系数"),
                 "present": ("present value", "现值"), "cumulative": ("sum so far", "累计"),
                 "cumulative_present": ("present value so far", "累计现值")}  # fmt: skip
        places = _places(self.frame[["investment", "saving", "contribution"]].to_numpy())
        decimals = {"year": 0, "factor": 4}
        return tuple(
            Column(name, {"en": en, "zh": zh}, "number", decimals=decimals.get(name, places))
            for name, (en, zh) in names.items()
        )

    def note(self) -> str:
        percent = f"{100 * self.discount_rate:g}%"
        if self.language == "zh":
            return f"第 0 年为现在，其余为各年年末；贴现率 {percent}；每年效果相同，自第一年起即全部实现。"
        return f"Year 0 is now, the others end with the year; discounted at {percent}; the effect is the same each year, in full from the first."


@dataclass(frozen=True, eq=False, repr=False)
class ReturnSensitivity(Result):
    """What each rate does to the net present value, one at a time, and where it would turn the decision.

    Frame columns: ``rate, value, low, high`` (its range), ``npv_low, npv_high`` (at these), ``swing`` (their distance),
    ``break_even`` (the rate at which the net present value is 0, nan where there is none), ``turns`` (True where that lies within
    the range). The largest swing stands first.

    Attributes
    ----------
    npv : with all rates as they are
    """

    npv: float = 0.0
    currency: str = ""

    def title(self) -> str:
        return say(
            in_currency(
                {"en": "What each rate does to the net present value", "zh": "净现值对各比率的敏感性"}, self.currency
            ),
            self.language,
        )

    def columns(self) -> tuple[Column, ...]:
        places = _places(self.frame[["npv_low", "npv_high"]].to_numpy())
        turns: Mapping[Any, Text] = {True: {"en": "yes", "zh": "会"}, False: {"en": "no", "zh": "不会"}}
        return (
            Column("rate", {"en": "rate", "zh": "比率"}, "text", RATES),
            *(_Percent(name, {"en": en, "zh": zh}) for name, en, zh in
              (("value", "value", "取值"), ("low", "low", "下限"), ("high", "high", "上限"))),
            Column("npv_low", {"en": "NPV at low", "zh": "下限处 NPV"}, "number", decimals=places),
            Column("npv_high", {"en": "NPV at high", "zh": "上限处 NPV"}, "number", decimals=places),
            _Percent("break_even", {"en": "break-even", "zh": "盈亏平衡点"}),
            Column("turns", {"en": "turns the decision", "zh": "会否改变决策"}, "text", turns),
        )  # fmt: skip

    def note(self) -> str:
        if self.language == "zh":
            return "每次只变动一个比率，其余不变；盈亏平衡点为 NPV 等于 0 处，– 表示不存在。"
        return "One rate at a time, the others as they are; break-even: where the net present value is 0, – where there is no such rate."

    def sentence(self) -> str:
        """Which rates would turn the decision."""
        rows, zh = self.frame[self.frame["turns"]], self.language == "zh"
        if not (self.frame["low"] < self.frame["high"]).any():
            return (
                "未给出范围，无法判断哪个比率会改变决策。"
                if zh
                else "No ranges were given, so nothing can be said of what turns the decision."
            )
        if rows.empty:
            return (
                "任何一个比率单独在其范围内变动都不会改变决策。"
                if zh
                else "No rate by itself turns the decision within its range."
            )
        cells = [f"{say(RATES[row['rate']], self.language)}{'：' if zh else ' at '}{_percent(row['break_even'])}"
                 for row in rows.to_dict("records")]  # fmt: skip
        return (
            f"以下比率会改变决策，{'；'.join(cells)}。" if zh else f"The decision turns with {'; with '.join(cells)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """A bar per rate from its lower to its upper end."""
        from servqual.plots.actions import draw_tornado

        return draw_tornado(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class QualityReturn(Result):
    """What is put in, what comes back, and when: one row per quantity.

    Frame columns: ``quantity, value, low, high`` (interval at ``level``; an end that some draws never reach is nan), ``reason``.

    Attributes
    ----------
    ledger : CashFlow
    sensitivity : ReturnSensitivity
    rates, ranges : what was reckoned with; ``ranges`` are smallest and largest values
    usual_ranges : True where nobody stated ranges, so that each rate was varied by half
    chance : share of draws with a net present value above 0; nan without ranges
    years, level, draws, seed, currency : how it was made
    """

    ledger: CashFlow = None  # type: ignore[assignment]
    sensitivity: ReturnSensitivity = None  # type: ignore[assignment]
    rates: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    usual_ranges: bool = False
    chance: float = float("nan")
    years: int = 0
    level: float = 0.95
    draws: int = 0
    seed: int = 0
    currency: str = ""

    def title(self) -> str:
        years = f"{self.years} year" if self.years == 1 else f"{self.years} years"
        return say(
            in_currency(
                {"en": f"Return on quality over {years}", "zh": f"服务质量回报，{self.years} 年"}, self.currency
            ),
            self.language,
        )

    def columns(self) -> tuple[Column, ...]:
        bounds = (("low", "low", "下限"), ("high", "high", "上限")) if self.ranges else ()
        reason = (
            (Column("reason", {"en": "note", "zh": "说明"}, "text", REASONS),) if self.frame["reason"].any() else ()
        )
        return (
            Column("quantity", {"en": "quantity", "zh": "指标"}, "text", QUANTITIES),
            *(Column(name, {"en": en, "zh": zh}, "number") for name, en, zh in (("value", "value", "数值"), *bounds)),
            *reason,
        )

    def shown(self) -> pd.DataFrame:
        """The table as text: money, years and shares each in their own way."""
        table = super().shown()
        for column in self.columns():
            if column.kind == "number":
                table[column.heading(self.language)] = [
                    self._cell(name, value)
                    for name, value in zip(self.frame["quantity"], self.frame[column.name], strict=True)
                ]
        return table

    def _cell(self, name: str, value: float) -> str:
        places = _places(self.frame.loc[self.frame["quantity"].isin(_MONEY), "value"].to_numpy())
        if name in ("roi", "irr"):
            return _percent(value)
        return Column(name, {}, "number", decimals=places if name in _MONEY else 1).show(value, self.language)

    def note(self) -> str:
        zh, percent = self.language == "zh", f"{100 * self.level:g}%"
        parts: list[Text] = [self._assumed()]
        if self.ranges:
            parts.append({"en": f"{percent} intervals from {self.draws:,} draws (seed {self.seed}): each rate by itself, triangular from its "
                                "smallest to its largest value",
                          "zh": f"{percent} 区间由 {self.draws:,} 次抽取得出（种子 {self.seed}）：各比率相互独立，按最小值至最大值的三角分布抽取"})  # fmt: skip
        if self.usual_ranges:
            parts.append({"en": "nobody stated ranges: each rate was varied by half, up and down, which is a placeholder to be replaced",
                          "zh": "未给出范围：各比率按上下各一半变动，仅为占位，应予替换"})  # fmt: skip
        if not self.ranges:
            parts.append({"en": "no intervals, as no ranges were given", "zh": "未给范围，故无区间"})
        glue, stop = ("；", "。") if zh else ("; ", ". ")
        return (
            glue.join(say(part, self.language) for part in parts)
            + stop
            + say(CAUSAL, self.language)
            + ("。" if zh else ".")
        )

    def _assumed(self) -> Text:
        stays = self.rates["margin"]
        en = "Added revenue counts in full: costs of serving it are not taken off (margin=)" if stays == 1 else (
            f"Of added revenue {_percent(stays)} stays")  # fmt: skip
        zh = "新增收入全额计入，未扣除相应成本（margin=）" if stays == 1 else f"新增收入留存 {_percent(stays)}"
        rate = f"{100 * self.rates['discount_rate']:g}%"
        return {"en": f"{en}; discounted at {rate}", "zh": f"{zh}；贴现率 {rate}"}

    def value(self, quantity: str) -> float:
        """One number, such as ``"npv"``."""
        rows = self.frame[self.frame["quantity"] == quantity]
        if rows.empty:
            raise SpecError(f"there is no quantity {quantity!r}. Quantities: {', '.join(QUANTITIES)}.")
        return float(rows["value"].iloc[0])

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return replace(
            self,
            language=language,
            ledger=self.ledger.in_language(language),
            sensitivity=self.sensitivity.in_language(language),
        )

    def sentence(self) -> str:
        """The decision in words."""
        zh = self.language == "zh"
        money = {name: with_currency(self._cell(name, self.value(name)), self.currency)
                 for name in ("investment", "yearly", "npv")}  # fmt: skip
        npv, years, back = self.value("npv"), self.years, self.value("payback")
        sure = self._sure()
        if zh:
            paid = f"{back:.1f} 年收回" if np.isfinite(back) else f"{years} 年内不能收回"
            return (f"投资 {money['investment']}，每年净流入 {money['yearly']}，{paid}；{years} 年净现值 {money['npv']}{sure}，"
                    f"{'划算' if npv > 0 else '不划算'}，前提是假设成立：{self._counted('zh')}。")  # fmt: skip
        span = "1 year" if years == 1 else f"{years} years"
        paid = f"paid back in {back:.1f} years" if np.isfinite(back) else f"not paid back within {span}"
        return (f"{money['investment']} put in, {money['yearly']} a year back: {paid}; net present value over {span} {money['npv']}{sure}: "
                f"it {'pays' if npv > 0 else 'does not pay'}, if what is assumed holds: {self._counted('en')}.")  # fmt: skip

    def _counted(self, language: str) -> str:
        """How much of the added revenue counts, and that it is assumed to come."""
        stays = self.rates["margin"]
        rise: Text = {
            "en": f"revenue rises by {_percent(self.rates['revenue_rise'])}",
            "zh": f"收入增长 {_percent(self.rates['revenue_rise'])}",
        }
        how: Text = {"en": "counted in full, without the cost of serving it" if stays == 1 else f"of which {_percent(stays)} stays",
                     "zh": "全额计入，未扣除相应成本" if stays == 1 else f"其中留存 {_percent(stays)}"}  # fmt: skip
        return f"{rise[language]}{'，' if language == 'zh' else ', '}{how[language]}"

    def _sure(self) -> str:
        """Interval and chance of the net present value in brackets; no chance where nobody stated ranges."""
        if not self.ranges:
            return ""
        row = self.frame[self.frame["quantity"] == "npv"].iloc[0]
        low, high = (self._cell("npv", float(row[end])) for end in ("low", "high"))
        if self.usual_ranges:
            if self.language == "zh":
                return f"（若各比率上下浮动一半，为 {low} 至 {high}；此范围仅为占位，不能据以推断概率）"
            return f" ({low} to {high} if each rate were up to half lower or higher, a placeholder that allows no chance to be told)"
        chance, percent = chance_words(self.chance, self.language), f"{100 * self.level:g}%"
        if self.language == "zh":
            return f"（{percent} 区间 {low} 至 {high}；为正的概率 {chance}）"
        return f" ({percent} interval {low} to {high}; above 0 with a chance of {chance})"

    def what_would_change(self) -> ReturnSensitivity:
        """Each rate with the value at which the decision turns."""
        return self.sensitivity

    def plot(self, ax: Axes | None = None) -> Axes:
        """Cash flow by year and its sums."""
        from servqual.plots.actions import draw_cash_flow

        return draw_cash_flow(self.ledger, ax)


# --- verb --------------------------------------------------------------------------------------------------


def return_on_quality(
    *,
    operating_budget: float,
    operating_cost: float,
    revenue: float,
    investment: float = 0.15,
    saving: float = 0.10,
    revenue_rise: float = 0.15,
    margin: float = 1.0,
    years: int = 3,
    discount_rate: float = 0.08,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
    currency: str = "",
    language: Language = "en",
) -> QualityReturn:
    """What an investment in service brings back: payback, net present value, rates of return, and what would turn the decision.

    Parameters
    ----------
    operating_budget, operating_cost, revenue : of one year, in the same money
    investment : share of the operating budget that is put in once, now
    saving : share of the operating cost that is saved each year
    revenue_rise : by what share revenue is higher each year than it would be
    margin : share of the added revenue that stays after the cost of serving it; 1 counts revenue itself, as the plain reckoning does
    years : how many years count
    discount_rate : yearly; what money costs
    ranges : rate -> (smallest, largest value), for any of the five rates. Without it each of investment, saving and revenue_rise is
        varied by half, which the note says; ``{}`` for no intervals
    level, draws, seed : of the intervals
    currency, language : for display

    Returns
    -------
    QualityReturn
        With ``ledger`` (year by year) and ``sensitivity``.

    Raises
    ------
    SpecError
        If an amount is below 0, a rate is no share (15 instead of 0.15), the discount rate is −100 % or less, or a range
        does not hold its rate.

    Notes
    -----
    ``I = investment * budget`` now; ``A = saving * cost + margin * revenue_rise * revenue`` at the end of each of n years.
    ``NPV = -I + sum_t A / (1 + d)^t``; ``ROI = (n A - I) / I``; IRR is the d with NPV = 0; payback is the time at which the sums reach
    0, evenly spread within a year. The effect is the same each year and in full from the first: if it takes time, or wears off, give lower
    rates. Rates are drawn each by itself from triangular distributions; their interval is as honest as the ranges. Break-even values
    are exact: NPV is linear in all rates but the discount rate, whose break-even is the IRR.

    References
    ----------
    Rust, Zahorik and Keiningham (1995), Return on quality (ROQ), Journal of Marketing 59(2), 58-70, doi:10.1177/002224299505900205.
    Checked against the closed formula of the annuity and published present values and rates of return (tests/test_returns.py).

    Examples
    --------
    >>> found = return_on_quality(operating_budget=100, operating_cost=100, revenue=120, years=3, discount_rate=0.10)
    >>> [round(found.value(name), 2) for name in ("investment", "saving", "revenue", "payback_saving", "npv")]
    [15.0, 10.0, 18.0, 1.5, 54.63]
    """
    check_between("level", level, 0, 1)
    check_choice("language", language, Language)
    rates = _rates(
        investment=investment, saving=saving, revenue_rise=revenue_rise, margin=margin, discount_rate=discount_rate
    )
    firm = _firm(operating_budget, operating_cost, revenue, years)
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 1:
        raise SpecError(f"draws={draws!r} must be a whole number of 1 or more.")
    within = _usual(rates) if ranges is None else _ranges(ranges, rates)
    drawn = firm.quantities(_draw(rates, within, int(draws), np.random.default_rng(seed)))
    found = {name: float(number) for name, number in firm.quantities(rates).items()}
    frame = pd.DataFrame([_line(name, found, drawn[name], bool(within), level) for name in QUANTITIES])
    return QualityReturn(
        frame, language, ledger=_ledger(firm, rates, currency, language), sensitivity=_sensitivity(firm, rates, within, currency, language),
        rates=rates, ranges=within, usual_ranges=ranges is None, chance=float((drawn["npv"] > 0).mean()) if within else float("nan"),
        years=firm.years, level=level, draws=int(draws), seed=seed, currency=currency,
    )  # fmt: skip


def _firm(budget: float, cost: float, revenue: float, years: int) -> _Firm:
    if isinstance(years, bool) or not isinstance(years, (int, np.integer)) or years < 1:
        raise SpecError(f"years={years!r} must be a whole number of 1 or more.")
    return _Firm(
        check_number("operating_budget", budget, 0, np.inf, "what operations may spend a year"),
        check_number("operating_cost", cost, 0, np.inf, "what operations cost a year", ends="[)"),
        check_number("revenue", revenue, 0, np.inf, "what comes in a year", ends="[)"), int(years),
    )  # fmt: skip


def _rates(**rates: float) -> dict[str, float]:
    return {name: _rate(name, value) for name, value in rates.items()}


def _rate(name: str, value: Any, what: str = "") -> float:
    """One rate as a share, or words."""
    least = {"investment": 0.0, "margin": 0.0}.get(name, -1.0)
    if name == "discount_rate":
        return check_number(what or name, value, -1, 10, "a share a year: 0.08 for 8 %; at −100 % money has no value")
    ends: Any = "()" if name == "investment" else "[]"
    top = np.nextafter(1, 2) if name == "investment" else 1.0
    return check_number(what or name, value, least, top, "a share: 0.15 for 15 %", ends=ends)


def _usual(rates: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Half of each rate down and up, for the three that nobody knows."""
    found = {}
    for name in ("investment", "saving", "revenue_rise"):
        ends = (rates[name] * (1 - _SWAY), min(1.0, rates[name] * (1 + _SWAY)))
        if rates[name]:
            found[name] = (min(ends), max(ends))
    return found


def _ranges(ranges: Mapping[str, tuple[float, float]], rates: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Ranges that hold their rate, or all that is wrong with them."""
    wrong = [f"{name!r} is no rate" for name in ranges if name not in rates]
    found = {}
    for name, pair in ranges.items():
        if name not in rates:
            continue
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            wrong.append(f"{name}: give the smallest and the largest value")
            continue
        low, high = (_rate(name, end, f"ranges[{name!r}]") for end in pair)
        if low > high:
            wrong.append(f"{name}: {low:g} is above {high:g}")
        elif not low <= rates[name] <= high:
            wrong.append(f"{name}: {rates[name]:g} lies outside {low:g} to {high:g}")
        found[name] = (low, high)
    if wrong:
        raise SpecError(f"ranges= can't be used: {'; '.join(wrong)}. Rates: {', '.join(rates)}.")
    return {name: pair for name, pair in found.items() if pair[0] < pair[1]}


def _draw(
    rates: Mapping[str, float], ranges: Mapping[str, tuple[float, float]], draws: int, rng: np.random.Generator
) -> dict[str, Array]:
    """(draws,) of each rate, triangular within its range."""
    return {name: rng.triangular(ranges[name][0], value, ranges[name][1], draws) if name in ranges else np.full(draws, value)
            for name, value in rates.items()}  # fmt: skip


def _line(name: str, found: Mapping[str, float], drawn: Array, interval: bool, level: float) -> dict[str, Any]:
    """One quantity with its interval; times that are never reached count as endless."""
    value, endless = found[name], np.where(np.isnan(drawn), np.inf if name in _PAYBACKS else -1.0, drawn)
    low, high = (
        np.quantile(endless, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
        if interval
        else (np.nan, np.nan)
    )
    reason = ""
    if np.isnan(value):
        none = "no saving" if name == "payback_saving" and not found["saving"] > 0 else "not within"
        reason = none if name in _PAYBACKS else "no inflow"
        low, high = (low, high) if name in _PAYBACKS else (np.nan, np.nan)
    elif interval and np.isinf(high):
        reason = "some not within"
    finite = [end if np.isfinite(end) else np.nan for end in (low, high)]
    return {"quantity": name, "value": value, "low": finite[0], "high": finite[1], "reason": reason}


def _ledger(firm: _Firm, rates: Mapping[str, float], currency: str, language: Language) -> CashFlow:
    parts = {name: float(number) for name, number in firm.parts(rates).items()}
    year = np.arange(firm.years + 1)
    later = (year > 0).astype(float)
    frame = pd.DataFrame({"year": year, "investment": np.where(year == 0, -parts["investment"], 0.0), "saving": later * parts["saving"],
                          "contribution": later * parts["contribution"]})  # fmt: skip
    frame["net"] = frame["investment"] + frame["saving"] + frame["contribution"]
    frame["factor"] = (1 + rates["discount_rate"]) ** -year.astype(float)
    frame["present"] = frame["net"] * frame["factor"]
    frame["cumulative"], frame["cumulative_present"] = frame["net"].cumsum(), frame["present"].cumsum()
    return CashFlow(frame, language, discount_rate=rates["discount_rate"], currency=currency)


def _sensitivity(
    firm: _Firm,
    rates: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
    currency: str,
    language: Language,
) -> ReturnSensitivity:
    rows = []
    for name, value in rates.items():
        low, high = ranges.get(name, (value, value))
        at_low, at_high = (firm.npv({**rates, name: end}) for end in (low, high))
        even = _break_even(firm, rates, name)
        rows.append({"rate": name, "value": value, "low": low, "high": high, "npv_low": at_low, "npv_high": at_high,
                     "swing": abs(at_high - at_low), "break_even": even, "turns": bool(low <= even <= high and low < high)})  # fmt: skip
    frame = pd.DataFrame(rows).sort_values("swing", ascending=False, kind="stable").reset_index(drop=True)
    return ReturnSensitivity(frame, language, npv=firm.npv(rates), currency=currency)


def _break_even(firm: _Firm, rates: Mapping[str, float], name: str) -> float:
    """The value of one rate at which the net present value is 0; nan where it makes no difference."""
    if name == "discount_rate":
        return float(internal_rate(firm.flows(firm.parts(rates))))
    none, whole = (firm.npv({**rates, name: end}) for end in (0.0, 1.0))
    even = -none / (whole - none) if whole != none else float("nan")
    return even if name in ("saving", "revenue_rise") or 0 <= even <= 1 else float("nan")  # no margin or outlay below 0


# --- display -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Percent(Column):
    """A share with one decimal."""

    def show(self, value: Any, language: str) -> str:
        return _percent(float(value))


def _percent(value: float) -> str:
    """
    >>> _percent(0.155), _percent(-0.02), _percent(float("nan"))
    ('15.5%', '−2.0%', '–')
    """
    return f"{100 * value:,.1f}%".replace("-", "−") if np.isfinite(value) else "–"


def _places(numbers: Array) -> int:
    """Decimals for money: none from 1,000 on."""
    known = np.abs(numbers[np.isfinite(numbers)])
    return 0 if known.size and known.max() >= 1000 else 2
