"""Which actions answer what customers need and expect, and which of them first?"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

import numpy as np
import pandas as pd

from servqual.index_weights.found import Asked, read_numbers, refuse
from servqual.index_weights.simplex import check_weights
from servqual.index_weights.weights import IndexWeights
from survey_design.errors import SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say

TermKind = Literal["need", "expectation", "action", "driver", "strategy", "monitoring", "improvement"]
RELATIONS = (0.0, 1.0, 3.0, 9.0)  # none, weak, medium, strong


@dataclass(frozen=True)
class Term:
    """One word of a field's vocabulary; an action ``answers`` a need or expectation, a strategy has ``measures``."""

    id: str
    label: Text
    kind: TermKind
    answers: str = ""
    measures: tuple[Text, ...] = ()


@dataclass(frozen=True, eq=False)
class ServiceTerms:
    """Needs, expectations, actions, drivers, strategies with their measures, and the parts of monitoring and improving.

    >>> terms = load_service_terms("telecom")
    >>> [len(terms.of(kind)) for kind in ("need", "expectation", "action", "driver")]
    [5, 5, 10, 6]
    """

    id: str
    title: Text
    terms: tuple[Term, ...]

    def of(self, kind: TermKind) -> tuple[Term, ...]:
        """Terms of one kind, in their order."""
        check_choice("kind", kind, TermKind)
        return tuple(term for term in self.terms if term.kind == kind)

    def words(self) -> dict[str, Text]:
        """What the terms are called."""
        return {term.id: term.label for term in self.terms}

    def relations(self) -> pd.DataFrame:
        """Needs and expectations by actions: 9 where an action answers one, else 0. Where to begin; fill in the rest with the team.

        >>> table = load_service_terms("telecom").relations()
        >>> table.shape, float(table.loc["price", "fair_price"]), float(table.to_numpy().sum())
        ((10, 10), 9.0, 90.0)
        """
        wanted, actions = [*self.of("need"), *self.of("expectation")], self.of("action")
        cells = [[RELATIONS[-1] if action.answers == each.id else 0.0 for action in actions] for each in wanted]
        return pd.DataFrame(cells, index=[each.id for each in wanted], columns=[action.id for action in actions])


def load_service_terms(name: str) -> ServiceTerms:
    """The vocabulary of a field that comes with the toolkit."""
    folder = resources.files("servqual.index_weights") / "terms"
    known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    if name not in known:
        raise SpecError(f"there are no terms {name!r}. Shipped: {', '.join(known)}.")
    content = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    terms = [Term(block["id"], block["label"], block["kind"], block.get("answers", ""), tuple(block.get("measures", ())))
             for block in content["terms"]]  # fmt: skip
    return ServiceTerms(content["id"], content["title"], tuple(terms))


@dataclass(frozen=True, eq=False, repr=False)
class ActionPriorities(Result):
    """Actions by how much of what is wanted they answer, the first one first.

    Frame columns: ``action, priority`` (sum of strength times relation), ``share`` (of all), ``rank``, ``most_for`` (what it answers most).

    Attributes
    ----------
    unanswered : needs and expectations with a strength above 0 that no action answers
    """

    labels: Mapping[str, Text] = field(default_factory=dict)
    unanswered: tuple[str, ...] = ()

    def title(self) -> str:
        return (
            "行动优先级：按所回应的需求与期望"
            if self.language == "zh"
            else "Actions by what they answer of needs and expectations"
        )

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("rank", {"en": "rank", "zh": "排名"}, "count"),
            Column("action", {"en": "action", "zh": "行动"}, "text", self.labels),
            Column("priority", {"en": "priority", "zh": "优先度"}, "number"),
            Column("share", {"en": "share", "zh": "占比"}, "share"),
            Column("most_for", {"en": "mostly for", "zh": "主要回应"}, "text", self.labels),
        )

    def note(self) -> str:
        zh = self.language == "zh"
        names = ("、" if zh else ", ").join(
            say(self.labels.get(name, {"en": name}), self.language) for name in self.unanswered
        )
        if zh:
            return "优先度为需求强度与关系强度（0、1、3、9）之积的和，未计成本。" + (
                f"没有行动回应：{names}。" if names else ""
            )
        return ("Priority: strength times relation (0, 1, 3, 9), summed; costs are not counted."
                + (f" No action answers: {names}." if names else ""))  # fmt: skip


def rank_actions(
    relations: pd.DataFrame, strengths: IndexWeights | Mapping[str, float] | pd.Series, *, labels: Mapping[str, Text] | None = None,
    language: Language = "en",
) -> ActionPriorities:  # fmt: skip
    """Which actions answer most of what customers need and expect?

    Parameters
    ----------
    relations : needs and expectations (rows) by actions: 0 none, 1 weak, 3 medium, 9 strong
    strengths : how strongly each need or expectation is felt, 0 or more, summing to 1
    labels : of rows and columns; ``ServiceTerms.words()``

    Returns
    -------
    ActionPriorities

    Raises
    ------
    SpecError, DataError
        If strengths and rows differ, or cells are none of 0, 1, 3, 9; all of them are listed.

    Notes
    -----
    ``priority_j = sum_i s_i r_ij``, as in the first house of quality; 9 against 3 is a convention, so look at ranks rather than ratios.

    References
    ----------
    Hauser and Clausing (1988), The house of quality, Harvard Business Review 66(3), 63-73.

    Examples
    --------
    >>> terms = load_service_terms("telecom")
    >>> table = terms.relations()
    >>> table.loc["quality", "faster_response"] = 3
    >>> strengths = {name: 0.1 for name in table.index}
    >>> found = rank_actions(table, strengths, labels=terms.words())
    >>> found.frame["action"].iloc[0], round(float(found.frame["priority"].iloc[0]), 3)
    ('faster_response', 1.2)
    """
    read = read_numbers(relations, Asked(), "the table of relations")
    faults = [{**read.case(i, j, "must be 0, 1, 3 or 9")} for i, j in np.argwhere(~np.isin(read.values, RELATIONS))]
    refuse(faults, "the table of relations", "Write 0 for none, 1 weak, 3 medium, 9 strong")
    rows = [str(name) for name in read.units]
    given: Any = strengths.weights() if isinstance(strengths, IndexWeights) else pd.Series(dict(strengths))
    felt = check_weights(given, rows)
    parts = felt[:, None] * read.values
    priority = parts.sum(axis=0)
    if not priority.sum() > 0:
        raise SpecError("no action answers anything: every relation of what is felt is 0.")
    frame = pd.DataFrame({"action": read.names, "priority": priority, "share": priority / priority.sum(),
                          "rank": pd.Series(-np.round(priority, 9)).rank(method="min").astype(int),
                          "most_for": [rows[i] if best > 0 else "" for i, best in zip(parts.argmax(axis=0), parts.max(axis=0), strict=True)]})  # fmt: skip
    unanswered = tuple(
        name
        for name, strength, best in zip(rows, felt, read.values.max(axis=1), strict=True)
        if strength > 0 and best == 0
    )
    ordered = frame.sort_values("rank", kind="stable").reset_index(drop=True)
    return ActionPriorities(ordered, language, labels=dict(labels or {}), unanswered=unanswered)
