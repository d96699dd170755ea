"""What would change the choice? The cost and the gain at which each action enters or leaves the best set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.priorities.actions import DECISIONS, row_of
from servqual.priorities.money import in_currency, money
from servqual.priorities.programme import Rules, Sets, Solved, Units
from servqual.priorities.question import Question
from servqual.priorities.search import best_set
from survey_design.results import Column, Language, Result, Text, say

Array = NDArray[np.float64]

_LIMITS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "not even free": {"en": "even if it cost nothing it would not be taken", "zh": "即使零成本也不会采取"},
    "no gain": {"en": "no gain within the scale brings it in", "zh": "量表范围内的任何提升都不足以使其入选"},
    "neither": {"en": "neither a lower cost nor a larger gain brings it in", "zh": "降低成本或加大提升都不能使其入选"},
    "whatever gain": {"en": "taken whatever its gain", "zh": "无论提升多少都会采取"},
    "must be": {"en": "every set that keeps the rules has it", "zh": "所有满足规则的组合均包含该行动"},
}


@dataclass(frozen=True, eq=False, repr=False)
class ActionChanges(Result):
    """The cost and the gain at which each action enters or leaves the best set, all else as it is.

    Frame columns: ``action, chosen, cost, cost_limit`` (taken up to this cost), ``gain, gain_limit`` (taken from this gain on),
    ``reason`` (why there is no limit). Limits come from the best sets with and without the action.
    """

    words: Mapping[str, Text] = field(default_factory=dict)
    currency: str = ""

    def title(self) -> str:
        return "何种变化会改变选择" if self.language == "zh" else "What would change the choice"

    def columns(self) -> tuple[Column, ...]:
        reason = (
            (Column("reason", {"en": "note", "zh": "说明"}, "text", _LIMITS),) if self.frame["reason"].any() else ()
        )
        return (
            Column("action", {"en": "action", "zh": "行动"}, "text", self.words),
            Column("chosen", {"en": "now", "zh": "目前"}, "text", DECISIONS),  # type: ignore[arg-type]
            Column("cost", in_currency({"en": "cost", "zh": "成本"}, self.currency), "count"),
            Column("cost_limit", in_currency({"en": "taken up to", "zh": "成本上限"}, self.currency), "count"),
            Column("gain", {"en": "gain", "zh": "提升"}, "number"),
            Column("gain_limit", {"en": "taken from", "zh": "提升下限"}, "number", decimals=3),
            *reason,
        )

    def note(self) -> str:
        said: Text = {"en": "Each limit holds if all else stays as it is; at the limit two sets are equally good.",
                      "zh": "各临界值以其他条件不变为前提；在临界值处两种组合同样好。"}  # fmt: skip
        return say(said, self.language)

    def sentence(self, action: str) -> str:
        """One action in words."""
        row = row_of(self.frame, action)
        zh, name = self.language == "zh", say(self.words[action], self.language)
        cost, gain = money(row["cost_limit"], self.currency), f"{row['gain_limit']:.2f}"
        now = (money(row["cost"], self.currency), f"{row['gain']:.2f}")
        parts = []
        if np.isfinite(row["cost_limit"]):
            parts.append((f"成本高于 {cost}" if row["chosen"] else f"成本降至 {cost}") + f"（目前 {now[0]}）" if zh else
                         (f"it costs more than {cost}" if row["chosen"] else f"it costs {cost} or less") + f" (now {now[0]})")  # fmt: skip
        if np.isfinite(row["gain_limit"]) and not (row["chosen"] and row["gain_limit"] <= 0):
            parts.append((f"提升低于 {gain}" if row["chosen"] else f"提升达到 {gain}") + f"（目前 {now[1]}）" if zh else
                         (f"its gain is below {gain}" if row["chosen"] else f"its gain is {gain} or more") + f" (now {now[1]})")  # fmt: skip
        verb = ("不再采取" if row["chosen"] else "可采取") if zh else ("is left" if row["chosen"] else "is taken")
        why = say(_LIMITS[row["reason"]], self.language)
        if not parts:
            return f"{name}：{why}。" if zh else f"{name}: {why}."
        said = f"{'若' + '，或'.join(parts)}，则{verb}" if zh else f"{verb} if {', or if '.join(parts)}"
        return (
            f"{name}：{said}{'（' + why + '）' if why else ''}。"
            if zh
            else f"{name} {said}{'; ' + why if why else ''}."
        )


def action_changes(question: Question, chosen: Sets, language: Language) -> ActionChanges:
    """The limits of every action, from the set that is ``chosen``."""
    search = Search(question.rules, question.units, question.rise, question.weight)
    frame = pd.DataFrame([_limits(question, search, k, bool(taken)) for k, taken in enumerate(chosen)])
    return ActionChanges(frame, language, words=question.actions.words, currency=question.actions.currency)


def _limits(question: Question, search: Search, k: int, taken: bool) -> dict[str, Any]:
    """The cost and the gain at which one action enters or leaves."""
    action, scale = question.actions.actions[k], question.actions.instrument.scale
    without = search.best({k: 0})
    cost = search.highest_cost(k, without)
    gain = search.lowest_gain(k, action.reach, float(scale.high - scale.low), without)
    if without is None:
        reason = "must be"
    elif cost is None or gain is None:
        reason = "neither" if cost is None and gain is None else "not even free" if cost is None else "no gain"
    else:
        reason = "whatever gain" if taken and gain <= 1e-9 else ""
    return {"action": action.id, "chosen": taken, "cost": action.cost, "cost_limit": np.nan if cost is None else cost,
            "gain": question.rise[k] / action.reach if action.reach else action.gain,
            "gain_limit": np.nan if gain is None else gain, "reason": reason}  # fmt: skip


# --- with one action in or out -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Search:
    """The best set with one action in or out, under changed costs or gains.

    Attributes
    ----------
    rules, units : what a set must keep, and what actions lift
    rise, weight : (n,) and (units,) as they are
    """

    rules: Rules
    units: Units
    rise: Array
    weight: Array

    def best(self, fixed: Mapping[int, int], *, rise: Array | None = None, cost: Array | None = None) -> Solved | None:
        """The best set with some actions held in or out, and changed numbers."""
        rules = self.rules if cost is None else replace(self.rules, cost=cost)
        lifted = self.rise if rise is None else rise
        return best_set(rules, self.units, lifted, self.weight, fixed=fixed)

    def better(self, one: Solved | None, two: Solved | None, cost: Array) -> bool:
        """True where the first set brings more than the second, or the same and costs no more."""
        if one is None or two is None:
            return one is not None
        if not self._equal(one, two):
            return one.benefit > two.benefit
        return bool(cost[one.chosen].sum() <= self.rules.cost[two.chosen].sum() + self.rules.slack)

    def _equal(self, one: Solved, two: Solved) -> bool:
        """True where two sets bring the same but for a millionth."""
        return abs(one.benefit - two.benefit) <= 1e-6 * max(abs(one.benefit), abs(two.benefit))

    def highest_cost(self, action: int, without: Solved | None) -> float | None:
        """The most that an action may cost so that the best set has it, and not set ``without``; None if not even for nothing.

        The set that is best for a cost tells how far it would still win: up to the budget, or up to what the set without the action
        costs if that brings the same, less what its other actions cost. A little beyond, the next set is asked, until none wins.
        """
        own, step = np.arange(self.rules.n) == action, 1e-6 * self.rules.budget
        limit: float | None = None
        cost = 0.0
        while cost <= self.rules.budget:
            changed = np.where(own, cost, self.rules.cost)
            found = self.best({action: 1}, cost=changed)
            if found is None or not self.better(found, without, changed):
                break
            equal = without is not None and self._equal(found, without)
            end = float(self.rules.cost[without.chosen].sum()) if without is not None and equal else self.rules.budget
            limit = max(cost, end - float(self.rules.cost[found.chosen & ~own].sum()))
            cost = limit + (step or 1.0)
        return limit

    def lowest_gain(self, action: int, reach: float, most: float, without: Solved | None) -> float | None:
        """The least gain, 0 to ``most``, with which the best set has an action, and not set ``without``; None if no such gain brings it in.

        The set that is best for a gain tells how far the gain may fall until that set brings no more than the one without the action.
        A little below, the next set is asked, until none wins.
        """
        own = np.arange(self.rules.n) == action
        if without is None or self.better(self._with(own, 0.0), without, self.rules.cost):
            return 0.0
        limit: float | None = None
        gain = most
        while gain >= 0:
            found = self._with(own, reach * gain)
            if found is None or not self.better(found, without, self.rules.cost):
                break
            dearer = self.rules.cost[found.chosen].sum() > self.rules.cost[without.chosen].sum() + self.rules.slack
            level = without.benefit + (1e-6 if dearer else -1e-6) * abs(without.benefit)
            meet, lost = (self._reaches(found.chosen, own, reach, gain, each) for each in (without.benefit, level))
            limit = min(meet, gain)
            gain = min(limit, lost) - 1e-7 * most
        return limit

    def _with(self, own: Sets, rise: float) -> Solved | None:
        """The best set that has an action, if it lifted so much."""
        return self.best({int(own.argmax()): 1}, rise=np.where(own, rise, self.rise))

    def _reaches(self, chosen: Sets, own: Sets, reach: float, most: float, level: float) -> float:
        """The least gain of one of its actions, 0 to ``most``, with which a set brings ``level``: along lines that bend where a room is full."""
        if not reach > 0:
            return most
        others = self.units.touches @ np.where(own, 0.0, self.rise * chosen)
        bends = np.clip((self.units.room - others) / reach, 0.0, most)[self.units.touches[:, own.argmax()] > 0]
        gains = np.unique(np.concatenate([[0.0, most], bends]))
        brings = self.units.benefit(chosen, np.where(own, reach * gains[:, None], self.rise), self.weight)
        k = int(np.argmax(brings >= level))
        if k == 0:
            return 0.0 if brings[0] >= level else most
        return float(gains[k - 1] + (gains[k] - gains[k - 1]) * (level - brings[k - 1]) / (brings[k] - brings[k - 1]))
