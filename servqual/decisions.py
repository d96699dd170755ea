"""What does study.toml say of decisions, and what do the data say to them? What moves satisfaction, what to improve first, what to do
within a budget, and what it brings back.

Like :mod:`servqual.inspections` it computes nothing itself: the tables ``[drivers]``, ``[priorities]``, ``[actions]`` and ``[return]`` are
read strictly, and the verbs of the chapters are called when their numbers are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from servqual.customers import Customers, unless_too_few
from servqual.instruments import Instrument
from servqual.settings import Reading, Settings, in_file, is_number, is_whole
from survey_design.errors import check_columns
from survey_design.files.table import Source
from survey_design.results import Language

if TYPE_CHECKING:
    from servqual.drivers import Drivers, KanoTable, PenaltyReward
    from servqual.priorities import ActionChoice, Actions, Priorities, Quadrants, QualityReturn

TABLES = ("drivers", "priorities", "actions", "return")
Of = Literal["dimensions", "items"]
Importance = Literal["stated", "derived"]
Weights = Literal["stated", "points", "derived"]
_SEED = 0
_TOP = 3
_DRIVERS = {"outcome", "method", "of", "form", "kano"}
_PRIORITIES = {"of", "importance", "crosshairs", "top", "reach", "owners"}
_ACTIONS = {"file", "budget", "importance", "minimum", "columns", "encoding", "sheet", "currency"}
_AMOUNTS = ("operating_budget", "operating_cost", "revenue")
_RETURN = {*_AMOUNTS, "investment", "saving", "revenue_rise", "margin", "years", "discount_rate", "currency"}


@dataclass(frozen=True)
class DriversAsked:
    """What is to be explained, and by what.

    Attributes
    ----------
    outcome : question on the whole, such as "satisfaction"
    of : "dimensions" or "items" of the instrument
    options : ``method`` and ``form`` of :func:`servqual.drivers.drivers`, where the study chooses them
    kano : feature -> columns of its functional and its dysfunctional question
    """

    outcome: str
    of: Of = "dimensions"
    options: Mapping[str, Any] = field(default_factory=dict)
    kano: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class PrioritiesAsked:
    """How it is ranked what to improve first.

    Attributes
    ----------
    of : "items" or "dimensions"
    importance : "stated", what customers expect, or "derived" from the outcome of the drivers
    crosshairs : rule of the importance–performance map
    top : how many are "the first few"
    reach : item -> share of customers it touches, "affected", or None for all
    owners : item -> "store", "control" or "support"
    """

    of: Of = "items"
    importance: Importance = "stated"
    crosshairs: str = "mean"
    top: int = _TOP
    reach: Mapping[str, float] | str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ActionsAsked:
    """What could be done, and for how much.

    Attributes
    ----------
    path, instrument : the file, and at whose items and dimensions it aims
    budget : what all may cost together
    importance : "stated" in expectations, customers' "points" by dimension, or "derived", the drivers of an outcome
    minimum : owner -> so many of its actions at least
    options : how the file is read
    """

    path: Path
    instrument: Instrument
    budget: float
    importance: Weights = "stated"
    minimum: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, language: Language) -> Actions:
        """The actions, checked."""
        from servqual.priorities import read_actions

        with in_file(self.path.name):
            return read_actions(self.path, self.instrument, **self.options).in_language(language)

    def reading(self) -> Reading:
        """How many actions there are, and what they would cost together."""
        from servqual.priorities.money import money

        found = self.read("en")
        cost = money(found.frame["cost"].sum(), found.currency)
        return Reading(f"{self.path.name}: {len(found)} action{'s' * (len(found) != 1)} read, {cost} altogether.")


@dataclass(frozen=True)
class Decisions:
    """What study.toml says of decisions.

    Attributes
    ----------
    drivers : what moves which outcome; None where it is not asked
    priorities : how it is ranked what to improve first; None where it is not asked
    actions : what could be done; None where the study has none
    returned : arguments of :func:`servqual.priorities.return_on_quality`; None where it is not asked
    settings : as written, for the record
    """

    drivers: DriversAsked | None = None
    priorities: PrioritiesAsked | None = None
    actions: ActionsAsked | None = None
    returned: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def readings(self, language: Language) -> Iterator[Callable[[], Reading]]:
        """Every file, to be read one by one."""
        if self.actions is not None:
            yield self.actions.reading

    def results(self, language: Language, customers: Customers) -> DecisionResults:
        """The numbers are computed when they are asked for."""
        actions = None if self.actions is None else self.actions.read(language)
        sources = () if actions is None else (actions.source,)
        return DecisionResults(self, language, customers.in_language(language), sources, actions)


@dataclass(frozen=True, eq=False)
class DecisionResults:
    """What the data say to decisions, each part computed when it is asked for; a part that the data don't allow is None.

    Attributes
    ----------
    asked, language : what was run, and the language it is told in
    customers : the survey
    sources : further files, with checksum
    actions : what could be done; None where the study has none
    """

    asked: Decisions
    language: Language
    customers: Customers
    sources: tuple[Source, ...] = ()
    actions: Actions | None = None

    def in_language(self, language: Language) -> DecisionResults:
        """The same, told in another language."""
        if language == self.language:
            return self
        actions = None if self.actions is None else self.actions.in_language(language)
        return replace(self, language=language, customers=self.customers.in_language(language), actions=actions)

    # -- what moves satisfaction

    @cached_property
    def drivers(self) -> Drivers | None:
        """Derived importance beside what customers state."""
        from servqual.drivers import drivers

        asked = self.asked.drivers
        if asked is None:
            return None
        points = self.customers.points if asked.of == "dimensions" else None
        wanted: dict[str, Any] = {**self._asked(asked), **self._method(asked), "stated": points}
        found = unless_too_few(lambda: drivers(self.customers.responses, **wanted))
        return None if found is None else found.in_language(self.language)

    @cached_property
    def penalties(self) -> PenaltyReward | None:
        """Whether bad service costs more than good service gains."""
        from servqual.drivers import penalty_reward

        asked = self.asked.drivers
        if asked is None:
            return None
        wanted = self._asked(asked)
        found = unless_too_few(lambda: penalty_reward(self.customers.responses, **wanted))
        return None if found is None else found.in_language(self.language)

    @cached_property
    def kano(self) -> KanoTable | None:
        """Kano's kinds of quality, of the pairs of questions that the study names."""
        from servqual.drivers import kano

        asked = self.asked.drivers
        if asked is None or not asked.kano:
            return None
        return kano(self.customers.responses, asked.kano, level=self.customers.level).in_language(self.language)

    def _asked(self, asked: DriversAsked) -> dict[str, Any]:
        form = {key: asked.options[key] for key in ("form",) if key in asked.options}
        answers = self.customers.responses
        columns = {each.id: each.column for each in answers.instrument.outcomes}
        near = [*columns, *answers.frame.columns]
        check_columns(
            [columns.get(asked.outcome, asked.outcome)], answers.frame.columns, answers.source.name, near=near
        )
        return {"outcome": asked.outcome, "drivers": asked.of, "level": self.customers.level, **form}

    def _method(self, asked: DriversAsked) -> dict[str, Any]:
        return {key: asked.options[key] for key in ("method",) if key in asked.options}

    # -- what to improve first

    @cached_property
    def quadrants(self) -> Quadrants | None:
        """Importance against performance, and the chance of each quadrant."""
        from servqual.priorities import importance_performance

        asked = self.asked.priorities
        if asked is None or (asked.importance == "stated" and not self._paired):
            return None
        wanted = {**self._ranked(asked), "crosshairs": asked.crosshairs}
        found = unless_too_few(lambda: importance_performance(self.customers.responses, **wanted))
        return None if found is None else found.in_language(self.language)

    @cached_property
    def ranking(self) -> Priorities | None:
        """What to improve first: importance × shortfall × reach, and the chance of each rank."""
        from servqual.priorities import priorities

        asked = self.asked.priorities
        if asked is None or (asked.importance == "stated" and not self._paired):
            return None
        wanted = {**self._ranked(asked), "top": asked.top, "reach": asked.reach, "owners": asked.owners or None}
        found = unless_too_few(lambda: priorities(self.customers.responses, **wanted))
        return None if found is None else found.in_language(self.language)

    @property
    def _paired(self) -> bool:
        """True where customers said both what they expect and what they perceive."""
        return self.customers.responses.pairing in ("paired", "independent")

    def _ranked(self, asked: PrioritiesAsked) -> dict[str, Any]:
        told = {"outcome": self.asked.drivers.outcome} if asked.importance == "derived" and self.asked.drivers else {}
        return {"of": asked.of, "importance": asked.importance, "level": self.customers.level, "seed": _SEED, **told}

    # -- what to do within a budget, and what it brings back

    @cached_property
    def choice(self) -> ActionChoice | None:
        """The actions that bring most for the budget; None where nothing says what counts."""
        from servqual.priorities import choose_actions

        asked, actions, importance = self.asked.actions, self.actions, self._importance
        if asked is None or actions is None or importance is None:
            return None
        return choose_actions(
            actions, asked.budget, importance=importance, room=self._room, minimum=asked.minimum or None, level=self.customers.level,
            seed=_SEED,
        ).in_language(self.language)  # fmt: skip

    @property
    def _importance(self) -> Any:
        """What counts how much, as the study chooses it."""
        asked = self.asked.actions
        if asked is None or asked.importance == "derived":
            return self.drivers
        if asked.importance == "points":
            return self.customers.points
        frame = None if self.ranking is None else self.ranking.frame
        return None if frame is None else dict(zip(frame["item"], frame["importance"], strict=True))

    @property
    def _room(self) -> dict[str, float] | None:
        """How far an item can rise: by what it falls short, where that is ranked."""
        ranking = self.ranking
        if ranking is None:
            return None
        return dict(zip(ranking.frame["item"], ranking.frame["shortfall"], strict=True))

    @cached_property
    def returned(self) -> QualityReturn | None:
        """What an investment in service brings back."""
        from servqual.priorities import return_on_quality

        asked = self.asked.returned
        if asked is None:
            return None
        return return_on_quality(**asked, level=self.customers.level, seed=_SEED, language=self.language)

    def checked(self) -> Iterator[Any]:
        """The parts in which a fault of the files or of study.toml may still show itself."""
        for name in ("drivers", "kano", "ranking", "choice", "returned"):
            yield getattr(self, name)


# --- reading study.toml ------------------------------------------------------------------------------------


class DecisionSettings(Settings):
    """Reads the tables of decisions, each fault with its place."""

    def decisions(self, instrument: Instrument) -> Decisions | None:
        """What the study says of decisions; None where it says nothing."""
        kept = {name: self.content[name] for name in TABLES if name in self.content}
        if not kept:
            return None
        return Decisions(
            self._drivers(instrument), self._priorities(instrument), self._actions(instrument), self._return(), kept
        )

    def _drivers(self, instrument: Instrument) -> DriversAsked | None:
        from servqual.drivers.importance import Method
        from servqual.drivers.question import Form

        table, place = self.content.get("drivers"), "[drivers]"
        if table is None:
            return None
        self._only(table, place, _DRIVERS)
        known = [each.id for each in instrument.outcomes]
        outcome = self._text(table, "outcome", place)
        if not outcome:
            self._fail(
                f"{place} outcome", "the key is missing", f'add outcome = "{known[-1] if known else "satisfaction"}"'
            )
        options = self._chosen(table, "method", place, Method) | self._chosen(table, "form", place, Form)
        of = self._chosen(table, "of", place, Of)
        return DriversAsked(outcome, options=options, kano=self._pairs(table, place), **of)

    def _pairs(self, table: Mapping[str, Any], place: str) -> dict[str, tuple[str, str]]:
        pairs = table.get("kano", {})
        remedy = 'write kano = { "home delivery" = ["with it", "without it"] }: the columns of both questions'
        if not isinstance(pairs, dict):
            self._fail(f"{place} kano", f"{pairs!r} is not a table", remedy)
        for feature, columns in pairs.items():
            if not isinstance(columns, list) or len(columns) != 2 or not all(isinstance(name, str) for name in columns):
                self._fail(f"{place} kano, '{feature}'", f"{columns!r} is not two columns", remedy)
        return {feature: (columns[0], columns[1]) for feature, columns in pairs.items()}

    def _priorities(self, instrument: Instrument) -> PrioritiesAsked | None:
        from servqual.priorities.quadrants import Crosshairs

        table, place = self.content.get("priorities"), "[priorities]"
        if table is None:
            return None
        self._only(table, place, _PRIORITIES)
        asked: dict[str, Any] = {}
        for key, choices in (("of", Of), ("importance", Importance), ("crosshairs", Crosshairs)):
            asked |= self._chosen(table, key, place, choices)
        if asked.get("importance") == "derived" and "drivers" not in self.content:
            self._fail(f"{place} importance", "nothing says from which outcome", "write [drivers] with outcome too")
        top = table.get("top", _TOP)
        if not is_whole(top) or top < 1:
            self._fail(f"{place} top", f"{top!r} is not a whole number of 1 or more", f"write top = {_TOP}")
        of = instrument.dimensions if asked.get("of") == "dimensions" else instrument.items
        known = {each.id for each in of}
        if top > len(known):
            self._fail(f"{place} top", f"{top} of {len(known)} are not the first few", f"write top = {_TOP}")
        return PrioritiesAsked(
            **asked, top=top, reach=self._reach(table, place, known), owners=self._owners(table, place, known)
        )

    def _reach(self, table: Mapping[str, Any], place: str, known: set[str]) -> Mapping[str, float] | str | None:
        reach, remedy = table.get("reach"), 'write reach = { REL1 = 0.4 }, shares of customers, or "affected"'
        if reach is None or reach == "affected":
            return reach
        if not isinstance(reach, dict) or not all(is_number(each) and 0 <= each <= 1 for each in reach.values()):
            self._fail(f"{place} reach", f"{reach!r} is not shares from 0 to 1", remedy)
        self._only(reach, f"{place} reach", known)
        return {name: float(share) for name, share in reach.items()}

    def _owners(self, table: Mapping[str, Any], place: str, known: set[str]) -> dict[str, str]:
        from servqual.priorities.actions import OWNERS

        owners, place = table.get("owners", {}), "[priorities.owners]"
        if not isinstance(owners, dict):
            self._fail(place, f"{owners!r} is not a table", f"write {place} on a line of its own")
        self._only(owners, place, known)
        for item, owner in owners.items():
            if owner not in OWNERS:
                self._fail(f"{place} {item}", f"{owner!r} is no owner", f"use {', '.join(OWNERS)}")
        return dict(owners)

    def _actions(self, instrument: Instrument) -> ActionsAsked | None:
        from servqual.priorities.actions import OWNERS

        table, place = self.content.get("actions"), "[actions]"
        if table is None:
            return None
        self._only(table, place, _ACTIONS)
        path, budget = self._file_of(table, place, "actions.csv"), table.get("budget")
        if budget is None:
            self._fail(f"{place} budget", "the key is missing", "add budget = 500000")
        if not is_number(budget) or budget < 0:
            self._fail(f"{place} budget", f"{budget!r} is not an amount", "write budget = 500000")
        chosen = self._chosen(table, "importance", place, Weights)
        wanted = {"derived": "drivers", "points": "importance"}.get(chosen.get("importance", ""), "priorities")
        if wanted not in self.content:
            self._fail(f"{place} importance", f"there is no [{wanted}] that says what counts", f"write [{wanted}] too")
        minimum = table.get("minimum", {})
        if not isinstance(minimum, dict) or not all(is_whole(n) and n >= 0 for n in minimum.values()):
            self._fail(f"{place} minimum", f"{minimum!r} is not numbers of actions", "write minimum = { store = 1 }")
        self._only(minimum, f"{place} minimum", set(OWNERS))
        options = self._reading(table, place)
        if "columns" in table:
            names = table["columns"]
            if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
                self._fail(f"{place} columns", f"{names!r} is not names", 'write columns = { cost = "费用" }')
            options["columns"] = names
        if currency := self._text(table, "currency", place):
            options["currency"] = currency
        return ActionsAsked(path, instrument, float(budget), minimum=minimum, options=options, **chosen)

    def _return(self) -> dict[str, Any] | None:
        from servqual.priorities import return_on_quality

        table, place = self.content.get("return"), "[return]"
        if table is None:
            return None
        self._only(table, place, _RETURN)
        for key in _AMOUNTS:
            if key not in table:
                self._fail(f"{place} {key}", "the key is missing", f"add {key} = 1000000, of one year")
        for key, value in table.items():
            if key != "currency" and not is_number(value):
                self._fail(f"{place} {key}", f"{value!r} is not a number", f"write {key} = 3")
        self._text(table, "currency", place)
        with self._at(place):
            return_on_quality(**table, ranges={}, draws=100)
        return dict(table)
