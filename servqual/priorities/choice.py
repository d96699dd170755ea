"""What can be done for the money? The best set of actions within a budget, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.importance import Drivers, chance_words
from servqual.index_weights.weights import IndexWeights
from servqual.priorities.actions import DECISIONS, OWNERS, Actions, all_needed, row_of
from servqual.priorities.changes import ActionChanges, action_changes
from servqual.priorities.frontier import BudgetFrontier, budget_frontier
from servqual.priorities.money import in_currency, money
from servqual.priorities.programme import Sets
from servqual.priorities.quadrants import Quadrants
from servqual.priorities.question import Gains, Question, question_of
from servqual.priorities.search import best_set, best_sets, cheapest_cost
from servqual.priorities.uncertainty import ItemWeights, draw_gains, gains_at, item_weights
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say, spaced
from survey_design.size.ledger import check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.priorities.ranks import Priorities

Array = NDArray[np.float64]

REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "too dear": {"en": "dearer than the whole budget", "zh": "成本超过全部预算"},
    "needs too dear": {"en": "dearer than the budget with what it needs", "zh": "连同前置行动超出预算"},
    "no benefit": {
        "en": "brings nothing: no gain, or a target without importance",
        "zh": "无收益：无提升或目标无重要性",
    },
    "excluded": {"en": "cannot go with an action that is taken", "zh": "与已采取的行动互斥"},
    "outweighed": {"en": "others bring more for the money", "zh": "同样花费下其他行动收益更大"},
    "needed": {"en": "brings nothing itself, but is needed", "zh": "自身无收益，但为其他行动所需"},
    "required": {"en": "taken for its owner's minimum", "zh": "为满足责任方最低数量而采取"},
}


@dataclass(frozen=True, eq=False, repr=False)
class ActionChoice(Result):
    """The set of actions that brings most within a budget: one row per action, in the order of the file.

    Frame columns: ``action, target, owner, chosen, cost, gain, benefit`` (what the action brings by itself) with ``low, high``,
    ``chance`` (that it belongs to the best set), ``reason``.

    Attributes
    ----------
    actions : what could be done
    budget, spent : what may be, and what is spent
    benefit, low, high : of the whole set, with its interval at ``level``, in points of the weighted overall rating
    low_together, high_together : what it would bring were all gains misjudged the same way, each at its own end of that level
    bound, gap : the proof of the search: no set brings more than ``bound``; ``gap`` is the part by which the set may fall short of it
    regret : mean of what the best set of each draw brings more than this one
    best_chance : share of draws in which no set brings more than this one
    gains : whether the most likely or the mean gains were maximised
    draws, seed, level, remarks : how it was made
    question : rules and numbers, for :meth:`what_would_change`
    """

    actions: Actions = None  # type: ignore[assignment]
    budget: float = 0.0
    spent: float = 0.0
    benefit: float = 0.0
    low: float = float("nan")
    high: float = float("nan")
    low_together: float = float("nan")
    high_together: float = float("nan")
    bound: float = 0.0
    gap: float = 0.0
    regret: float = 0.0
    best_chance: float = float("nan")
    gains: Gains = "likely"
    level: float = 0.95
    draws: int = 0
    seed: int = 0
    remarks: tuple[Text, ...] = ()
    question: Question = None  # type: ignore[assignment]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The actions to take."""
        return tuple(self.frame.loc[self.frame["chosen"], "action"])

    def title(self) -> str:
        return (
            f"预算 {self._money(self.budget)} 内的最佳行动"
            if self.language == "zh"
            else f"The best actions for {self._money(self.budget)}"
        )

    def columns(self) -> tuple[Column, ...]:
        owner = (Column("owner", {"en": "owner", "zh": "责任方"}, "text", OWNERS),) if any(self.frame["owner"]) else ()
        reason = (Column("reason", {"en": "why", "zh": "原因"}, "text", REASONS),) if self.frame["reason"].any() else ()
        return (
            Column("action", {"en": "action", "zh": "行动"}, "text", self.actions.words),
            Column("target", {"en": "target", "zh": "目标"}, "text", self.actions.instrument.words()),
            *owner,
            Column("chosen", {"en": "decision", "zh": "决定"}, "text", DECISIONS),  # type: ignore[arg-type]
            Column("cost", in_currency({"en": "cost", "zh": "成本"}, self.actions.currency), "count"),
            Column("benefit", {"en": "benefit", "zh": "收益"}, "number", decimals=3),
            Column("low", {"en": "low", "zh": "下限"}, "number", decimals=3),
            Column("high", {"en": "high", "zh": "上限"}, "number", decimals=3),
            Column("chance", {"en": "in the best set", "zh": "入选最佳组合的概率"}, "share"),
            *reason,
        )

    def note(self) -> str:
        percent, share = f"{100 * self.level:g}%", f"{100 * self.gap:.2g}%"
        kind = {"likely": ("most likely", "最可能"), "mean": ("mean", "平均")}[self.gains]
        said: list[Text] = [
            {"en": f"Benefit: importance × gain × reach, importance summing to 1, in points of the weighted overall rating, at {kind[0]} gains; "
                   "where several actions meet, what they bring together may be less than the sum, for no item rises beyond its room",
             "zh": f"收益 = 重要性 × 提升 × 覆盖率，重要性合计为 1，单位为加权总体评分的分值，按{kind[1]}提升计算；多项行动作用于同一题项时，"
                   "合计可能小于各项之和，因为题项升幅不超过其空间"},
            {"en": f"solved exactly as an integer programme, optimality gap {share}", "zh": f"以整数规划精确求解，最优性间隙 {share}"},
            {"en": f"{percent} intervals, chances and regret from {self.draws:,} draws (seed {self.seed}): gains from two-piece normal "
                   "distributions with their 80% ranges, each action by itself",
             "zh": f"{percent} 区间、概率与遗憾值由 {self.draws:,} 次抽取得出（种子 {self.seed}）：提升服从以其 80% 范围确定的双段正态分布，各行动相互独立"},
            *self._together(),
            *self.remarks,
            {"en": "gains are judgements: the choice is no better than they are", "zh": "提升为判断值，选择的可靠程度取决于此"},
        ]  # fmt: skip
        glue, stop = ("；", "。") if self.language == "zh" else ("; ", ".")
        return glue.join(say(part, self.language) for part in said) + stop

    def _together(self) -> tuple[Text, ...]:
        """What the set would bring if whoever judged the gains was too hopeful, or too timid, about all of them."""
        if not self.chosen or not np.isfinite(self.low_together):
            return ()
        low, high = _signed(self.low_together), _signed(self.high_together)
        return ({"en": f"who is too hopeful about one gain is often so about all: misjudged together, the set would bring {low} to {high}",
                 "zh": f"对一项提升估计过高者往往对各项皆然：若各项同向误判，该组合的收益为 {low} 至 {high}"},)  # fmt: skip

    def _money(self, amount: float) -> str:
        return money(amount, self.actions.currency)

    def row(self, action: str) -> pd.Series:
        """The numbers of one action."""
        return row_of(self.frame, action)

    def sentence(self, action: str | None = None) -> str:
        """The choice in words, or one action of it."""
        zh = self.language == "zh"
        if action is not None:
            return self._one(action)
        labels = [self.actions.label(name) for name in self.chosen]
        commas = any(mark in label for label in labels for mark in ",，、;；")
        names = (("；" if commas else "、") if zh else "; " if commas else ", ").join(labels)
        if not self.chosen:
            cheapest = self.frame["cost"].min()
            dear = cheapest > self.budget
            why = ((f"最便宜的行动需 {self._money(cheapest)}" if zh else f"the cheapest action costs {self._money(cheapest)}") if dear
                   else ("没有可负担的行动带来收益" if zh else "no action that can be paid for brings anything"))  # fmt: skip
            return (
                f"预算 {self._money(self.budget)} 内没有可采取的行动：{why}。"
                if zh
                else f"Nothing can be done for {self._money(self.budget)}: {why}."
            )
        every = len(self.chosen) == len(self.frame)
        interval = f"{100 * self.level:g}% 区间 {_signed(self.low)} 至 {_signed(self.high)}" if zh else (
            f"{100 * self.level:g}% interval {_signed(self.low)} to {_signed(self.high)}")  # fmt: skip
        if zh:
            first = (
                f"预算足以采取全部 {len(self.frame)} 项行动"
                if every
                else f"采取 {len(self.frame)} 项行动中的 {len(self.chosen)} 项：{names}"
            )
            return (f"{first}；花费 {self._money(self.spent)}（预算 {self._money(self.budget)}），加权总体评分提高 {_signed(self.benefit)} 分（{interval}）。"
                    f"{self._sure()}{self._rivals()}")  # fmt: skip
        actions = "action" if len(self.frame) == 1 else "actions"
        first = (f"The budget pays for all that could be done ({len(self.frame)} {actions})" if every
                 else f"Take {len(self.chosen)} of {len(self.frame)} {actions}: {names}")  # fmt: skip
        return (f"{first}. Cost {self._money(self.spent)} of {self._money(self.budget)}; the weighted overall rating rises by {_signed(self.benefit)} points "
                f"({interval}). {self._sure()}{self._rivals()}")  # fmt: skip

    def _sure(self) -> str:
        chance = chance_words(self.best_chance, self.language)
        if self.language == "zh":
            return f"这一组合为最佳的概率为 {chance}；若事先确知提升与重要性，平均可多得 {_signed(self.regret)} 分（期望遗憾）。"
        return (f"The chance that no other set is better is {chance}; who knew gains and importance for sure would gain "
                f"{_signed(self.regret)} points more on average (expected regret).")  # fmt: skip

    def _rivals(self) -> str:
        """Actions that are left for one that excludes them, though the best set has them more often than that one, in words."""
        told, zh, chance = [], self.language == "zh", self.frame.set_index("action")["chance"]
        ids, taken = self.question.ids, set(self.chosen)
        for a, b in self.question.rules.excludes:
            mine, rival = (ids[a], ids[b]) if ids[a] in taken else (ids[b], ids[a])
            if mine in taken and rival not in taken and chance[rival] > chance[mine]:
                more, less = (chance_words(chance[each], self.language) for each in (rival, mine))
                name, other = self.actions.label(rival), self.actions.label(mine)
                told.append(f"与“{other}”互斥的“{name}”更常属于最佳组合（{more} 对 {less}），请再核对两者的提升估计。" if zh else
                            f" Yet {name} is left since {other} excludes it, but is in the best set more often ({more} against {less}): look at both gains again.")  # fmt: skip
        return "".join(told)

    def _one(self, action: str) -> str:
        row, zh = self.row(action), self.language == "zh"
        name, chance = self.actions.label(action), chance_words(row["chance"], self.language)
        why = say(REASONS[row["reason"]], self.language)
        decision = say(DECISIONS[bool(row["chosen"])], self.language)
        if zh:
            return (f"{name}：{decision}{'（' + why + '）' if why else ''}；成本 {self._money(row['cost'])}，单独收益 {_signed(row['benefit'])} 分，"
                    f"入选最佳组合的概率 {chance}。")  # fmt: skip
        return (f"{name}: {decision}{' (' + why + ')' if why else ''}; cost {self._money(row['cost'])}, by itself worth {_signed(row['benefit'])} points, "
                f"in the best set with a chance of {chance}.")  # fmt: skip

    def in_language(self, language: Language) -> Self:
        """The same choice, shown in English or Chinese."""
        return replace(self, language=language, actions=self.actions.in_language(language))

    @cached_property
    def frontier(self) -> BudgetFrontier:
        """What each budget would bring at best."""
        return budget_frontier(self.question, self.language)

    def what_would_change(self) -> ActionChanges:
        """The cost and the gain at which each action enters or leaves the best set, all else as it is."""
        return action_changes(self.question, self.frame["chosen"].to_numpy(bool), self.language)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every action with its benefit, cost and chance, those taken first."""
        from servqual.plots.actions import draw_action_choice

        return draw_action_choice(self, ax)


# --- verb --------------------------------------------------------------------------------------------------


def choose_actions(
    actions: Actions,
    budget: float,
    *,
    importance: Mapping[str, float] | pd.Series | pd.DataFrame | Drivers | IndexWeights | Quadrants | Priorities,
    room: Mapping[str, float] | pd.Series | None = None,
    minimum: Mapping[str, int] | None = None,
    gains: Gains = "likely",
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> ActionChoice:
    """Which actions bring most for a budget, how sure is it, and what would change it?

    Parameters
    ----------
    actions : Actions, from :func:`read_actions`
    budget : what all may cost together, 0 or more
    importance : of items or of dimensions: numbers, a frame of replicates (a row each), Drivers, IndexWeights, or what
        :func:`~servqual.priorities.importance_performance` or :func:`~servqual.priorities.priorities` found. A dimension's importance is
        shared evenly among its items
    room : item or dimension -> how far it can rise at most: the top of the scale minus its mean rating, or its shortfall. Without it
        the width of the scale. A dimension's room holds for each of its items
    minimum : owner -> so many of its actions at least
    gains : {"likely", "mean"}
        Which gain the set is chosen by; means count the long side of a lopsided range
    level, draws, seed : of intervals, chances and regret

    Returns
    -------
    ActionChoice
        With ``frontier`` and ``what_would_change()``.

    Raises
    ------
    SpecError
        If the budget is below 0, importance names what the instrument lacks or is below 0, or no set within the budget keeps the
        owners' minimum: then the least it would cost is said.

    Notes
    -----
    With ``w_i`` the importance of item i (sum 1), ``g_a`` gain and ``r_a`` reach, a set brings
    ``sum_i w_i min(room_i, sum_a g_a r_a)``, the inner sum over the actions taken that aim at the item or its dimension: a rise of the
    weighted overall rating, in points of the scale. Where actions meet, a variable per item, what passes its room, keeps the
    programme linear. Sets are put together part by part, and what cannot reach the best one known is left out by Lagrange's bound, so
    that the set is proven best; where more than 16 actions meet in one place, HiGHS solves the programme to a gap of 0. Of equally good
    sets the cheapest is taken.

    Each draw has its own gains and importance and its own best set, found in the same way. ``chance`` is the share of draws whose best set has the action; the expected regret
    is ``mean(best_d - own_d)``, 0 or more by definition. Both are as good as the ranges given: they say how far the choice hangs on
    what is not known, not how likely an action is to succeed.

    References
    ----------
    Kellerer, Pferschy and Pisinger (2004), Knapsack Problems, Springer, doi:10.1007/978-3-540-24777-7. Checked against every set written
    out by itertools, scipy's milp, and published knapsack problems with their optima (tests/test_actions.py, tests/test_search.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.priorities import read_actions
    >>> frame = pd.DataFrame(
    ...     {
    ...         "action": ["train", "till", "paint"],
    ...         "target": ["responsiveness", "REL1", "tangibles"],
    ...         "cost": [40_000, 90_000, 60_000],
    ...         "gain": [0.3, 0.5, 0.4],
    ...         "gain_low": [0.1, 0.3, 0.2],
    ...         "gain_high": [0.5, 0.7, 0.6],
    ...     }
    ... )
    >>> found = choose_actions(
    ...     read_actions(frame, load_instrument("servqual-22")),
    ...     100_000,
    ...     importance={"reliability": 0.4, "responsiveness": 0.35, "tangibles": 0.25},
    ... )
    >>> found.chosen, round(found.benefit, 3), found.spent
    (('train', 'paint'), 0.205, 100000.0)
    """
    if not isinstance(actions, Actions):
        raise SpecError(
            "actions= takes what read_actions() returns: choose_actions(read_actions(source, instrument), budget, …)."
        )
    check_between("level", level, 0, 1)
    check_choice("gains", gains, Gains)
    budget = check_number("budget", budget, 0, np.inf, "what all actions may cost together", ends="[)")
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 1:
        raise SpecError(f"draws={draws!r} must be a whole number of 1 or more.")
    rng = np.random.default_rng(seed)
    weights = item_weights(importance, actions.instrument, int(draws), rng)
    drawn = draw_gains(tuple(actions), int(draws), rng)
    question = question_of(
        actions, budget, weights, dict({} if room is None else room), dict(minimum or {}), gains, drawn
    )
    return _chosen(question, weights, gains, level, seed)


def _chosen(question: Question, weights: ItemWeights, gains: Gains, level: float, seed: int) -> ActionChoice:
    actions, rules, units = question.actions, question.rules, question.units
    found = best_set(rules, units, question.rise, question.weight)
    if found is None:
        raise _impossible(question)
    own = units.benefit(found.chosen, question.rise_draws, question.weight_draws)
    chance, regret, best_chance = _against_all(question, found.chosen)
    tail = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(own, tail)
    reach = np.array([a.reach for a in actions])
    together = [
        float(units.benefit(found.chosen, gains_at(tuple(actions), chance) * reach, question.weight)) for chance in tail
    ]
    each = np.eye(rules.n, dtype=bool)
    alone = np.array([units.benefit(one, question.rise_draws, question.weight_draws) for one in each])
    lows, highs = np.quantile(alone, tail, axis=1)
    frame = actions.frame[["action", "target", "owner"]].assign(
        chosen=found.chosen, cost=rules.cost, gain=actions.frame["gain"],
        benefit=[float(units.benefit(one, question.rise, question.weight)) for one in each], low=lows, high=highs, chance=chance,
    )  # fmt: skip
    frame["reason"] = _reasons(question, found.chosen, frame["benefit"].to_numpy())
    gap = max(0.0, found.bound - found.benefit) / abs(found.benefit) if abs(found.benefit) > 1e-12 else 0.0
    return ActionChoice(
        frame, actions.language, actions=actions, budget=rules.budget, spent=float(rules.cost[found.chosen].sum()), benefit=found.benefit,
        low=float(low), high=float(high), low_together=together[0], high_together=together[1], bound=found.bound, gap=gap if gap > 1e-9 else 0.0, regret=regret, best_chance=best_chance,
        gains=gains, level=level, draws=len(own), seed=seed, remarks=_remarks(question, weights), question=question,
    )  # fmt: skip


def _impossible(question: Question) -> SpecError:
    least = cheapest_cost(question.rules, question.units)
    if least is None:
        return SpecError(f"no set of actions keeps the rules: {_too_many(question)}. Lower minimum=.")
    currency = question.actions.currency
    return SpecError(f"the owners' minimum= costs {money(least, currency)} at least, more than the budget of {money(question.rules.budget, currency)}. "
                     "Lower the minimum, or raise the budget.")  # fmt: skip


def _too_many(question: Question) -> str:
    """Which owners' minimum is more than their actions, or than needs and exclusions, allow."""
    rules, said = question.rules, []
    for members, number in rules.least:
        owner = question.actions.actions[members[0]].owner
        most = max(k for k in range(min(number, len(members)) + 1)
                   if cheapest_cost(replace(rules, least=((members, k),)), question.units) is not None)  # fmt: skip
        has = f"{len(members)} action{'s' * (len(members) != 1)}"
        rest = f", of which needs and exclusions allow {most} together" if most < min(number, len(members)) else ""
        said += [f"{owner} has {has}{rest}; {number} are asked"] if most < number else []
    return "; ".join(said) or "each owner's minimum= could be kept alone, but not all of them with these exclusions"


def _against_all(question: Question, chosen: Sets) -> tuple[Array, float, float]:
    """Chance of each action to belong to the best set, expected regret of a set, and the chance that nothing beats it."""
    units, drawn = question.units, (question.rise_draws, question.weight_draws)
    found = best_sets(question.rules, units, *drawn, known=chosen[None])
    taken = np.broadcast_to(chosen, drawn[0].shape) if found is None else found
    mine = units.benefit(chosen, *drawn)
    best = np.maximum(mine, units.benefit(taken, *drawn))
    lost = best - mine
    return taken.mean(axis=0), float(lost.mean()), float((lost <= 1e-9 * np.abs(best)).mean())


def _reasons(question: Question, chosen: Sets, benefit: Array) -> list[str]:
    """Why an action is left, or is taken though it brings nothing."""
    rules, ids = question.rules, question.ids
    needs = {each.id: each.needs for each in question.actions}
    found = []
    for k, name in enumerate(ids):
        chain = float(sum(rules.cost[ids.index(other)] for other in {name, *all_needed(name, needs)}))
        excluded = any(chosen[b if a == k else a] for a, b in rules.excludes if k in (a, b))
        needed = any(chosen[a] for a, b in rules.needs if b == k)
        if chosen[k]:
            found.append("" if benefit[k] > 0 else "needed" if needed else "required")
        elif rules.cost[k] > rules.budget + rules.slack:
            found.append("too dear")
        elif chain > rules.budget + rules.slack:
            found.append("needs too dear")
        else:
            found.append("no benefit" if not benefit[k] > 0 else "excluded" if excluded else "outweighed")
    return found


def _remarks(question: Question, weights: ItemWeights) -> tuple[Text, ...]:
    instrument, items = (
        question.actions.instrument,
        {item.id: item.dimension for item in question.actions.instrument.items},
    )
    bare = set(weights.unweighted)
    without = [each for each in dict.fromkeys(a.target for a in question.actions)
               if all(item in bare for item in items if each in (item, items[item]))]  # fmt: skip
    words, more = instrument.words(), []
    if without:
        listed = {
            key: glue.join(say(words[name], key) for name in without) for key, glue in (("en", ", "), ("zh", "、"))
        }
        more.append(
            {
                "en": f"no importance was given for {listed['en']}: counted as 0",
                "zh": spaced(f"{listed['zh']}未给重要性，按 0 计"),
            }
        )
    return (weights.how, *question.actions.remarks, *more)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if abs(value) >= 0.005 else f"{value:.3f}".replace("-", "−")
