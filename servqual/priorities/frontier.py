"""What would another budget bring? Every set, or the best one on a grid of budgets, and the line above all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.priorities.actions import sentences_of
from servqual.priorities.money import in_currency
from servqual.priorities.programme import Rules, Sets, Units
from servqual.priorities.question import Question
from servqual.priorities.search import best_set, cheapest_cost
from survey_design.results import Column, Language, Result, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

ENUMERATED = 16  # actions up to which all sets are written down
_GRID = 40  # budgets where sets are too many to write down
_TIE = 1e-9  # benefits nearer than this share of the best are equal


@dataclass(frozen=True, eq=False, repr=False)
class BudgetFrontier(Result):
    """What each budget would bring at best: one row for each budget at which something better can be had.

    Frame columns: ``budget, benefit, count`` (actions taken), ``actions`` (their ids), ``corner`` (True on the smallest concave
    line above all, where money brings most), ``within`` (of the budget asked for).

    Attributes
    ----------
    words : labels of the actions
    budget : what was asked for
    currency : of budgets
    exact : True where every set was looked at; else budgets on a grid, each solved
    """

    words: Mapping[str, Text] = field(default_factory=dict)
    budget: float = 0.0
    exact: bool = True
    currency: str = ""

    def title(self) -> str:
        return "预算与收益前沿" if self.language == "zh" else "What each budget brings at best"

    def columns(self) -> tuple[Column, ...]:
        yes: Mapping[Any, Text] = {True: {"en": "●", "zh": "●"}, False: {"en": "", "zh": ""}}
        return (
            Column("budget", in_currency({"en": "budget", "zh": "预算"}, self.currency), "count"),
            Column("benefit", {"en": "benefit", "zh": "收益"}, "number", decimals=3),
            Column("count", {"en": "actions", "zh": "行动数"}, "count"),
            Column("corner", {"en": "corner", "zh": "拐点"}, "text", yes),
        )

    def note(self) -> str:
        kind: Text = {"en": "Every set was looked at" if self.exact else f"Solved at {_GRID + 1} budgets",
                      "zh": "已逐一比较全部组合" if self.exact else f"在 {_GRID + 1} 个预算点上求解"}  # fmt: skip
        rest: Text = {"en": "benefit in points of the weighted overall rating; ● corners of the concave line above, where money brings most",
                      "zh": "收益为加权总体评分的分值；● 为上方凹包络线的拐点，即资金效率最高处"}  # fmt: skip
        return sentences_of(
            [{key: f"{kind[key]}{'；' if key == 'zh' else '; '}{rest[key]}" for key in rest}], self.language
        )

    def at(self, budget: float) -> float:
        """What a budget brings at best; nan below the cheapest set that keeps the rules."""
        row = int(np.searchsorted(self.frame["budget"], budget * (1 + 1e-12), side="right")) - 1
        return float(self.frame["benefit"].iloc[row]) if row >= 0 else float("nan")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Benefit by budget, a step for each better set."""
        from servqual.plots.actions import draw_frontier

        return draw_frontier(self, ax)


def budget_frontier(question: Question, language: Language) -> BudgetFrontier:
    rules, units = question.rules, question.units
    exact = rules.n <= ENUMERATED
    if exact:
        sets, cost = all_sets(rules)
        rise, weight = question.rise[None], question.weight[None]
        benefit = benefits_of(sets, units, rise, weight, units.tight(rise))[:, 0]
    else:
        least = cheapest_cost(rules, units)
        grid = np.linspace(least or 0.0, rules.cost.sum(), _GRID + 1)
        solved = [
            best_set(replace(rules, budget=float(b)), units, question.rise, question.weight)
            for b in (*grid, rules.budget)
        ]
        some = [each for each in solved if each is not None]
        sets, benefit = np.array([each.chosen for each in some]), np.array([each.benefit for each in some])
        cost = sets @ rules.cost
    kept = frontier_of(cost, benefit, rules.slack)
    ids = np.array(question.ids, dtype=object)
    frame = pd.DataFrame({
        "budget": cost[kept], "benefit": benefit[kept], "count": sets[kept].sum(axis=1),
        "actions": [", ".join(ids[row]) for row in sets[kept]], "corner": envelope_of(cost[kept], benefit[kept]),
        "within": cost[kept] <= rules.budget + rules.slack,
    })  # fmt: skip
    return BudgetFrontier(
        frame,
        language,
        words=question.actions.words,
        budget=rules.budget,
        exact=exact,
        currency=question.actions.currency,
    )


# --- every set ---------------------------------------------------------------------------------------------


def all_sets(rules: Rules) -> tuple[Sets, Array]:
    """Every set that keeps all but the budget, the cheapest first, and what each costs.

    >>> sets, cost = all_sets(Rules(np.array([3.0, 2.0]), 4.0, needs=((0, 1),)))
    >>> sets.astype(int).tolist(), cost.tolist()
    ([[0, 0], [0, 1], [1, 1]], [0.0, 2.0, 5.0])
    """
    sets = (np.arange(2**rules.n)[:, None] >> np.arange(rules.n) & 1).astype(bool)
    sets = sets[rules.kept_by(sets)]
    cost = sets @ rules.cost
    order = np.lexsort((sets.sum(axis=1), np.round(cost, 9)))
    return sets[order], cost[order]


def benefits_of(sets: Sets, units: Units, rise: Array, weight: Array, apart: Sets) -> Array:
    """(sets, draws) what each set brings in each draw; ``apart`` are the units whose room may be used up in any."""
    table = sets.astype(float)
    found = table @ units.alone(rise, weight, apart).T
    for u in np.flatnonzero(apart):
        met = np.flatnonzero(units.touches[u])
        found += np.minimum(table[:, met] @ rise[:, met].T, units.room[u]) * weight[:, u]
    return found


def frontier_of(cost: Array, benefit: Array, slack: float) -> NDArray[np.intp]:
    """Which of the sets, the cheapest first, bring more than all that cost no more.

    >>> frontier_of(np.array([0.0, 2.0, 3.0, 3.0]), np.array([0.0, 5.0, 4.0, 6.0]), 0.0).tolist()
    [0, 1, 3]
    """
    kept: list[int] = []
    for k in np.lexsort((-benefit, np.round(cost, 9))):
        if not kept or benefit[k] > benefit[kept[-1]] + _TIE * max(abs(benefit[kept[-1]]), 1e-12):
            if kept and cost[k] <= cost[kept[-1]] + slack:
                kept.pop()
            kept.append(int(k))
    return np.array(kept, dtype=np.intp)


def envelope_of(cost: Array, benefit: Array) -> Sets:
    """(points,) True for the corners of the smallest concave line above a frontier.

    >>> envelope_of(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 1.5, 3.0])).tolist()
    [True, False, False, True]
    """
    corners: list[int] = []
    for k in range(len(cost)):
        while len(corners) > 1 and _below(corners[-2], corners[-1], k, cost, benefit):
            corners.pop()
        corners.append(k)
    found = np.zeros(len(cost), dtype=bool)
    found[corners] = True
    return found


def _below(i: int, j: int, k: int, cost: Array, benefit: Array) -> bool:
    """True where the middle point is not above the line through the others."""
    rise, whole = (benefit[j] - benefit[i]) * (cost[k] - cost[i]), (benefit[k] - benefit[i]) * (cost[j] - cost[i])
    return bool(rise <= whole + 1e-12 * abs(whole))
