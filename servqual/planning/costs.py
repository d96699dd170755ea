"""What does it cost? Every post with number and price, and the sum beside what may be spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from survey_design.results import Column, Result, Text, say

_POSTS: Mapping[str, Text] = {
    "fixed": {"en": "fixed cost of the survey", "zh": "调查固定费用"},
    "store": {"en": "stores visited", "zh": "走访门店"},
    "interview": {"en": "exit interviews", "zh": "出口拦截访问"},
    "expectation": {"en": "expectation interviews", "zh": "预期调查访问"},
    "city": {"en": "cities with focus groups", "zh": "座谈会城市"},
    "session": {"en": "focus group sessions", "zh": "座谈会场次"},
    "incentive": {"en": "incentives of those invited", "zh": "受邀者礼金"},
    "recruiting": {"en": "people recruited", "zh": "招募人数"},
    "total": {"en": "total", "zh": "合计"},
}
SURVEY = ("fixed", "store", "interview", "expectation")
_PARTS: Mapping[str, Text] = {
    "interviews": {"en": "interviews", "zh": "访问调查"},
    "focus_groups": {"en": "focus groups", "zh": "座谈会"},
}
_WORDS: Mapping[str, Text] = {
    "title": {"en": "What it costs{currency}", "zh": "费用{currency}"},
    "all": {"en": "The plan costs {total}.", "zh": "本计划共需费用 {total}。"},
    "within": {"en": " {part}: {cost} of {budget}.", "zh": "{part}：{cost}，预算 {budget}。"},
    "over": {"en": " {part}: {cost}, which is {over} more than the budget of {budget}.",
             "zh": "{part}：{cost}，超出预算 {budget} 共 {over}。"},
    "left out": {"en": "Planned, but without a price in [plan.costs]: {posts}.",
                 "zh": "以下项目已列入计划，但 [plan.costs] 未给出单价：{posts}。"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class CostPlan(Result):
    """What the plan costs, post by post. Frame columns: ``post, number, price, amount``; the last row is the total.

    Attributes
    ----------
    currency : shown beside amounts
    budget : what may be spent on "interviews" and on "focus_groups", where it is given
    unpriced : posts that the plan has and that have no price

    Examples
    --------
    >>> costs = cost_plan({"interview": 45, "store": 800}, {"interview": 900, "store": 40}, {"interviews": 70000})
    >>> costs.total, costs.over("interviews")
    (72500.0, 2500.0)
    >>> costs.sentence()
    'The plan costs 72,500. Interviews: 72,500, which is 2,500 more than the budget of 70,000.'
    """

    currency: str = ""
    budget: Mapping[str, float] | None = None
    unpriced: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        return float(self.frame["amount"].iloc[-1])

    def of(self, part: str) -> float:
        """The cost of the "interviews" (with stores and what is fixed) or of the "focus_groups"."""
        posts = self.frame.iloc[:-1]
        survey = posts["post"].isin(SURVEY)
        return float(posts.loc[survey if part == "interviews" else ~survey, "amount"].sum())

    def over(self, part: str) -> float:
        """By how much a part exceeds its budget; below 0 if it doesn't."""
        return self.of(part) - float((self.budget or {})[part])

    def title(self) -> str:
        brackets = ("（{}）" if self.language == "zh" else " ({})").format(self.currency) if self.currency else ""
        return say(_WORDS["title"], self.language).format(currency=brackets)

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("post", {"en": "post", "zh": "项目"}, words=_POSTS),
            Column("number", {"en": "number", "zh": "数量"}, "count"),
            Column("price", {"en": "price", "zh": "单价"}, "number"),
            Column("amount", {"en": "amount", "zh": "金额"}, "number"),
        )

    def sentence(self) -> str:
        """What it costs, and whether the budgets are kept."""
        said = say(_WORDS["all"], self.language).format(total=self._money(self.total))
        for part, budget in (self.budget or {}).items():
            over = self.over(part)
            told = say(_PARTS[part], self.language)
            said += say(_WORDS["over" if over > 0 else "within"], self.language).format(
                part=told[0].upper() + told[1:], cost=self._money(self.of(part)), budget=self._money(budget),
                over=self._money(over))  # fmt: skip
        return said

    def note(self) -> str:
        named = ("、" if self.language == "zh" else ", ").join(
            say(_POSTS[post], self.language) for post in self.unpriced
        )
        return say(_WORDS["left out"], self.language).format(posts=named) if self.unpriced else ""

    def _money(self, amount: float) -> str:
        return f"{amount:,.0f} {self.currency}".strip()


def cost_plan(
    prices: Mapping[str, float | str], numbers: Mapping[str, int], budget: Mapping[str, float] | None = None
) -> CostPlan:
    """What a plan costs: numbers times prices; what is fixed counts once.

    >>> cost_plan({"fixed": 1000, "interview": 40}, {"interview": 100}).frame["amount"].tolist()
    [1000.0, 4000.0, 5000.0]
    """
    counted = {"fixed": 1, **numbers}
    rows = [(post, counted[post], float(prices[post])) for post in _POSTS if post in prices and post in counted]
    frame = pd.DataFrame(rows, columns=["post", "number", "price"])
    frame["amount"] = (frame["number"] * frame["price"]).astype(float)
    total = pd.DataFrame({"post": ["total"], "number": [None], "price": [None], "amount": [frame["amount"].sum()]})
    frame = pd.DataFrame({name: [*frame[name], *total[name]] for name in frame})
    missing = tuple(post for post in numbers if post in _POSTS and post not in prices and post != "recruiting")
    return CostPlan(frame, currency=str(prices.get("currency", "")), budget=budget, unpriced=missing)
