"""What moves satisfaction, what to improve first, what to do within the budget, and what it brings back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from servqual.report.document import Heading, Paragraph, Table
from servqual.report.parts import Parts
from survey_design.results import Column, Language, Result, say

if TYPE_CHECKING:
    from servqual.priorities import ActionChoice, Priorities, Quadrants

_DRIVERS = "servqual.drivers.drivers"
_ASYMMETRY = "servqual.drivers.penalty_reward"
_KANO = "servqual.drivers.kano"
_MAP = "servqual.priorities.importance_performance"
_RANKS = "servqual.priorities.priorities"
_ACTIONS = "servqual.priorities.choose_actions"
_RETURN = "servqual.priorities.return_on_quality"
_LISTED = 5  # of the ranked list, in words
_NEAREST = 3  # actions whose choice hangs on least


def moves_satisfaction(parts: Parts) -> Iterator[Any]:
    """Derived importance beside stated importance; penalty and reward; Kano."""
    found = parts.decisions
    if found is None or found.asked.drivers is None:
        return
    if found.drivers is None:
        yield parts.say("no drivers")
        return
    table = found.drivers
    if _few(parts, table):
        yield parts.say("drivers too few", minimum=parts.small.minimum)
        return
    yield parts.text(parts.say("drivers how"), *_stated(parts))
    yield [table.sentence(name) for name in table.ranking()[:2]]
    if table.stated_scale is not None:
        yield table.differences()
    yield parts.picture(
        table,
        parts.text(parts.say("drivers picture", title=table.title(), percent=parts.percent), table.sentence()),
        _DRIVERS,
    )
    yield Table(table, _DRIVERS, "drivers")
    yield from _asymmetry(parts)
    yield from _kano(parts)


def driver_findings(parts: Parts) -> list[str]:
    """What counts most, in a sentence; nothing where it was not asked or may not be shown."""
    found = parts.decisions
    if found is None or found.drivers is None or _few(parts, found.drivers):
        return []
    return [found.drivers.sentence()]


def _few(parts: Parts, table: Any) -> bool:
    """True where fewer answered than may be shown."""
    return bool((table.frame["n"] < parts.small.minimum).any())


def _stated(parts: Parts) -> list[str]:
    """Whose points stand beside."""
    found = parts.decisions
    if found is None or found.drivers is None or found.drivers.stated_scale is None:
        return []
    n = found.customers.n_points
    return [parts.say("stated by customers", n=n)] if n else []


def _asymmetry(parts: Parts) -> Iterator[Any]:
    """Basic, performance or excitement; where all are alike, one line says so."""
    found = parts.decisions
    if found is None or found.penalties is None or _few(parts, found.penalties):
        return
    table = found.penalties
    told = table.frame[table.frame["kind"].isin(["basic", "excitement"])]
    yield Heading(parts.say("penalties"))
    yield parts.say("penalties how") if len(told) else parts.say("penalties alike")
    if len(told):
        yield [table.sentence(name) for name in told["driver"]]
    hardest = table.frame.sort_values("penalty", kind="stable")["driver"].iloc[0]
    alt = parts.say("penalties picture", title=table.title(), percent=parts.percent)
    yield parts.picture(table, parts.text(alt, table.sentence(hardest)), _ASYMMETRY)
    yield Table(table, _ASYMMETRY, "penalty and reward", on_page=False)


def _kano(parts: Parts) -> Iterator[Any]:
    """Kinds of quality, where the study asked pairs of questions."""
    found = parts.decisions
    if found is None or found.kano is None or _few(parts, found.kano):
        return
    table = found.kano
    yield Heading(parts.say("kano"))
    yield [table.sentence(name) for name in table.frame["feature"]]
    said = table.sentence(table.frame["feature"].iloc[0])
    yield parts.picture(table, parts.text(parts.say("kano picture", title=table.title()), said), _KANO)
    yield Table(table, _KANO, "kano")


# --- what to improve first ---------------------------------------------------------------------------------


def improve_first(parts: Parts) -> Iterator[Any]:
    """The map of importance and performance, the ranked list with its chances, who has to act, what would change it."""
    found = parts.decisions
    if found is None or found.asked.priorities is None:
        return
    quadrants, ranking = found.quadrants, found.ranking
    if quadrants is None or ranking is None:
        yield parts.say("no ranking")
        return
    if _few(parts, ranking):
        yield parts.say("ranking too few", minimum=parts.small.minimum)
        return
    yield from _map(parts, quadrants)
    yield Heading(parts.say("ranked"))
    yield from _ranked(parts, ranking)


def _ranked(parts: Parts, table: Priorities) -> Iterator[Any]:
    yield parts.say("ranking how")
    yield ranked_list(parts, _LISTED)
    yield parts.picture_of(table, "ranking picture", _RANKS)
    yield Table(table, _RANKS, "ranked list", on_page=False)
    changes = table.what_would_change()
    if len(changes.frame):
        yield parts.text(parts.say("ranking changes how"), changes.sentence())
        yield Table(changes, _RANKS, "what would change the ranking", on_page=False)
    streams = table.streams()
    if any(table.frame["owner"]):
        yield Heading(parts.say("streams"))
        yield [streams.sentence(owner) for owner in streams.frame["owner"]]
        yield Table(streams, _RANKS, "improvements by owner", on_page=False)


def ranked_list(parts: Parts, most: int) -> list[str]:
    """The first of the ranked list, each with its chances; nothing where none is ranked or may be shown."""
    found = parts.decisions
    if found is None or found.ranking is None or _few(parts, found.ranking):
        return []
    table = found.ranking
    return [table.sentence(item) for item in table.ranking()[:most]]


def _map(parts: Parts, table: Quadrants) -> Iterator[Any]:
    yield parts.text(parts.say("quadrants how"), table.sentence())
    yield from (Paragraph(parts.ended(say(each, parts.language)), "note") for each in table.warnings())
    yield parts.picture_of(table, "quadrants picture", _MAP)
    yield Table(table, _MAP, "importance and performance", on_page=False)
    yield parts.say("rules how")
    yield Table(RuleCounts.of(table), _MAP, "rules in short")
    yield Table(table.rules(), _MAP, "quadrants under four rules", on_page=False)


@dataclass(frozen=True, eq=False, repr=False)
class RuleCounts(Result):
    """How many items each rule of the crosshairs puts into each quadrant, and how many elsewhere than the rule of the map."""

    whole: Quadrants = None  # type: ignore[assignment]

    @classmethod
    def of(cls, table: Quadrants) -> RuleCounts:
        """The rules that apply, side by side."""
        from servqual.priorities.quadrants import QUADRANTS, RULES

        rules = table.rules()
        own = table.frame["quadrant"].to_numpy(object)
        lines = []
        for rule in (name for name in RULES if name not in rules.obstacles):
            placed = rules.frame[rule].to_numpy(object)
            counts = {name: int((placed == name).sum()) for name in QUADRANTS if name}
            lines.append({"rule": rule, **counts, "elsewhere": int((placed != own).sum())})
        return cls(pd.DataFrame(lines), table.language, table)

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language, whole=self.whole.in_language(language))

    def title(self) -> str:
        return self.whole.rules().title()

    def columns(self) -> tuple[Column, ...]:
        from servqual.priorities.quadrants import QUADRANTS, RULES

        names = [name for name in self.frame.columns if name in QUADRANTS]
        return (
            Column("rule", {"en": "rule of the crosshairs", "zh": "十字线规则"}, "text", RULES),
            *(Column(name, QUADRANTS[name], "count") for name in names),
            Column("elsewhere", {"en": "elsewhere than in the map", "zh": "与图中不同"}, "count"),
        )

    def note(self) -> str:
        return ""


# --- what to do, and what it brings back -------------------------------------------------------------------


def act(parts: Parts) -> Iterator[Any]:
    """The best actions for the budget, what another budget would bring, and what would change the choice."""
    found = parts.decisions
    if found is None or found.choice is None:
        return
    table = found.choice
    yield parts.say("actions how")
    yield table.sentence()
    said = parts.say("actions picture", title=table.title(), percent=parts.percent)
    yield parts.picture(table, parts.text(said, *_choice_findings(parts, table)), _ACTIONS)
    yield Table(table, _ACTIONS, "actions", on_page=False)
    changes = table.what_would_change()
    near = (table.frame["chance"] - 0.5).abs().sort_values(kind="stable").index[:_NEAREST]
    yield Heading(parts.say("action changes"))
    yield [changes.sentence(action) for action in table.frame.loc[near, "action"]]
    yield Table(changes, _ACTIONS, "what would change the actions", on_page=False)
    yield Heading(parts.say("other budgets"))
    yield parts.picture(
        table.frontier,
        parts.text(
            parts.say("frontier picture", title=table.frontier.title()),
            parts.say("frontier at", budget=_budget(table), benefit=_benefit(table, table.benefit)),
        ),
        _ACTIONS,
    )
    yield Table(table.frontier, _ACTIONS, "what each budget brings", on_page=False)


def brings_back(parts: Parts) -> Iterator[Any]:
    """Payback, net present value, and which rate would turn the decision."""
    found = parts.decisions
    if found is None or found.returned is None:
        return
    table = found.returned
    yield Paragraph(parts.say("return assumed"), "caution")
    yield parts.text(table.sentence(), table.sensitivity.sentence())
    yield parts.picture_of(table, "return picture", _RETURN)
    yield Table(table, _RETURN, "return on quality")
    yield parts.picture_of(table.sensitivity, "rates picture", _RETURN)
    yield Table(table.sensitivity, _RETURN, "what would turn the decision", on_page=False)
    yield Table(table.ledger, _RETURN, "year by year", on_page=False)


def priority_findings(parts: Parts) -> list[str]:
    """What to improve first and what to do for the budget; what counts most where nothing is ranked."""
    from servqual.drivers.importance import chance_words

    found = parts.decisions
    if found is None or found.ranking is None or not ranked_list(parts, 1):
        return driver_findings(parts)
    table, choice = found.ranking, found.choice
    order = table.ranking()[: table.top]
    chances = [chance_words(float(table.row(item)["top"]), parts.language) for item in order]
    opened, closed = ("（", "）") if parts.language == "zh" else (" (", ")")
    names = [f"{table.label(item)}{opened}{chance}{closed}" for item, chance in zip(order, chances, strict=True)]
    first = [parts.say("first in short", names=parts.joined(names), top=len(order))]
    return first if choice is None else [*first, *_choice_findings(parts, choice)]


def _choice_findings(parts: Parts, choice: ActionChoice) -> list[str]:
    """How many actions are worth taking, the three surest of them, and how sure the whole set is."""
    from servqual.drivers.importance import chance_words

    opened, closed = ("（", "）") if parts.language == "zh" else (" (", ")")
    told = {"n": len(choice.chosen), "k": len(choice.frame), "budget": _budget(choice)}
    taken = choice.frame[choice.frame["chosen"] & choice.frame["chance"].notna()]
    surest = taken.sort_values("chance", ascending=False, kind="stable").head(3)
    names = [
        f"{choice.actions.label(action)}{opened}{chance_words(float(chance), parts.language)}{closed}"
        for action, chance in zip(surest["action"], surest["chance"], strict=True)
    ]
    said = [parts.say("choice surest", names=parts.joined(names))] if names else []
    if choice.chosen:
        sure = chance_words(float(choice.best_chance), parts.language)
        said.append(parts.say("choice regret", chance=sure, regret=_benefit(choice, choice.regret)))
    return [parts.say("choice in short", **told), *said]


def _budget(choice: ActionChoice) -> str:
    """What was to be spent at most, in its currency."""
    from servqual.priorities.money import money

    return money(choice.budget, choice.actions.currency)


def _benefit(choice: ActionChoice, points: float) -> str:
    """Points of the overall rating, as the table of actions shows them."""
    column = next(column for column in choice.columns() if column.name == "benefit")
    return column.show(points, choice.language)


def decision_methods(parts: Parts) -> set[str]:
    """The methods that these sections rest on."""
    found = parts.decisions
    if found is None:
        return set()
    pairs = {
        "drivers": found.drivers, "penalty reward": found.penalties, "kano": found.kano, "quadrants": found.quadrants,
        "ranking": found.ranking, "choice": found.choice, "return": found.returned,
    }  # fmt: skip
    return {name for name, part in pairs.items() if part is not None}
