"""Who met whom? Facets of a study become random effects: crossed or nested, and what cannot be told apart is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.dependability.components import Grouping, Squares
from survey_design.errors import DataError, SpecError, check_columns
from survey_design.results import Result, Text, say

Array = NDArray[Any]
Facet = Literal["groups", "objects", "inspectors", "occasions", "items"]

FACETS: tuple[Facet, ...] = ("groups", "objects", "inspectors", "occasions", "items")
USUAL: Mapping[str, Text] = {
    "store": {"en": "store", "zh": "门店"},
    "inspector": {"en": "inspector", "zh": "检查员"},
    "visit": {"en": "visit", "zh": "访问"},
    "item": {"en": "item", "zh": "题项"},
    "wave": {"en": "wave", "zh": "轮次"},
    "month": {"en": "month", "zh": "月份"},
    "chain": {"en": "chain", "zh": "连锁"},
    "centre": {"en": "centre", "zh": "中心"},
    "agency": {"en": "agency", "zh": "代理机构"},
    "final": {"en": "final", "zh": "最终得分"},
    "raw": {"en": "raw", "zh": "否决前得分"},
}  # what columns are usually called; labels that were given come first
OMITTED: Mapping[str, Text] = {
    "one level": {"en": "only one level, so it cannot vary", "zh": "只有一个水平，无法估计差异"},
    "no replication": {
        "en": "no replication: part of the residual",
        "zh": "无重复观测，已并入残差",
    },
    "same rows": {
        "en": "groups the rows as other terms do: cannot be told from them",
        "zh": "与其他项的分组相同，无法区分",
    },
}
_REPEATS = 5  # rows beyond the first of a cell that an interaction needs
_SINGULAR = 1e-8


@dataclass(frozen=True, eq=False)
class RandomTerm:
    """One random effect.

    Attributes
    ----------
    own : its facets; two for an interaction
    within : facets that it is nested in
    grouping : the level of each row
    """

    own: tuple[Facet, ...]
    within: tuple[Facet, ...]
    grouping: Grouping

    @property
    def key(self) -> str:
        """Its name in tables: "inspectors", "objects:inspectors"."""
        return ":".join(self.own)

    @property
    def facets(self) -> frozenset[str]:
        """All facets that a level of it belongs to."""
        return frozenset(self.own) | frozenset(self.within)


@dataclass(frozen=True, eq=False)
class FacetLayout:
    """The design of the ratings at hand.

    Attributes
    ----------
    columns : facet -> its column
    labels : facet -> labels of its levels
    facets : facet -> the level of each row
    terms : the random effects without the residual
    omitted : facets or interactions that cannot be told apart, with the reason
    crossed : True if every inspector rated every object
    visits : (objects,) visits of each object; a visit with several items counts once
    inspectors : (objects,) different inspectors of each object, 0 where no inspectors are named
    alone : inspectors with one object only
    islands : parts of the study that share no inspector
    """

    columns: Mapping[Facet, str]
    labels: Mapping[Facet, tuple[Any, ...]]
    facets: Mapping[Facet, Grouping]
    terms: tuple[RandomTerm, ...]
    omitted: Mapping[str, str] = field(default_factory=dict)
    crossed: bool = False
    visits: Array = field(default_factory=lambda: np.zeros(0))
    inspectors: Array = field(default_factory=lambda: np.zeros(0))
    alone: Array = field(default_factory=lambda: np.zeros(0, dtype=bool))
    islands: int = 1

    @property
    def keys(self) -> tuple[str, ...]:
        return (*(term.key for term in self.terms), "residual")

    @property
    def residual(self) -> frozenset[str]:
        """Facets that a row stands for."""
        return frozenset(self.facets) - {"groups"}

    def levels(self, facet: Facet) -> int:
        """Levels of a facet, 1 where it is not there."""
        return self.facets[facet].size if facet in self.facets else 1


def read_layout(
    frame: pd.DataFrame, columns: Mapping[Facet, str], nested: Mapping[str, str], fixed: Array
) -> FacetLayout:
    """The random effects of a study, as far as its rows can tell them apart.

    Parameters
    ----------
    frame : one row per score, nothing missing
    columns : facet -> column; objects at least
    nested : column -> column it is nested in, where labels are used again (visit 1, 2, 3 of every store)
    fixed : (n, p) fixed effects with the constant
    """
    facets, labels = _read_facets(frame, columns, nested)
    _check_objects(frame, columns, facets)
    terms, omitted = _mains(facets)
    for term in _interactions(terms, facets):
        if len(frame) - term.grouping.size < _REPEATS:
            omitted[term.key] = "no replication"
        elif Squares.of([each.grouping for each in (*terms, term)], fixed).determined < _SINGULAR:
            omitted[term.key] = "same rows"
        else:
            terms.append(term)
    if Squares.of([term.grouping for term in terms], fixed).determined < _SINGULAR:
        named = ", ".join(columns[facet] for term in terms for facet in term.own)
        raise DataError(f"the rows cannot tell {named} and the residual apart: too few levels meet. Leave a facet out.")
    return _described(columns, labels, facets, tuple(terms), omitted)


def _read_facets(
    frame: pd.DataFrame, columns: Mapping[Facet, str], nested: Mapping[str, str]
) -> tuple[dict[Facet, Grouping], dict[Facet, tuple[Any, ...]]]:
    check_columns([*nested, *nested.values()], columns.values(), "the list of facets")
    facets: dict[Facet, Grouping] = {}
    labels: dict[Facet, tuple[Any, ...]] = {}
    for facet, column in columns.items():
        codes, levels = pd.factorize(frame[column], sort=True)
        facets[facet], labels[facet] = Grouping(codes, len(levels)), tuple(levels)
    place = {column: facet for facet, column in columns.items()}
    for column, outer in nested.items():
        inner, around = place[column], place[outer]
        both = facets[around].crossed(facets[inner])
        first = np.zeros(both.size, dtype=int)
        first[both.codes] = np.arange(len(frame))
        labels[inner] = tuple(
            (labels[around][facets[around].codes[k]], labels[inner][facets[inner].codes[k]]) for k in first
        )
        facets[inner] = both
    return facets, labels


def _check_objects(frame: pd.DataFrame, columns: Mapping[Facet, str], facets: Mapping[Facet, Grouping]) -> None:
    objects, name = facets["objects"], columns["objects"]
    if objects.size < 2:
        raise DataError(
            f"there is one {name} only: how far they differ cannot be seen. Two are needed, a dozen is a beginning."
        )
    if objects.size == len(frame):
        raise DataError(f"every {name} has one score only: it cannot be told from error. Visit some twice.")
    if "groups" in facets and not objects.inside(facets["groups"]):
        raise DataError(f"some {name} lie in several {columns['groups']}. Each must lie in one.")
    if "inspectors" in facets:
        inspectors = facets["inspectors"]
        if inspectors.size > 1 and inspectors.inside(objects) and objects.inside(inspectors):
            raise DataError(f"every {name} has an {columns['inspectors']} of its own: a low score may be either's doing. Send "
                            f"inspectors to several, or leave inspectors out and read '{name}' as both together.")  # fmt: skip


def _mains(facets: Mapping[Facet, Grouping]) -> tuple[list[RandomTerm], dict[str, str]]:
    """One term per facet that varies and is not each row's own."""
    terms: list[RandomTerm] = []
    omitted: dict[str, str] = {}
    rows = len(next(iter(facets.values())).codes)
    for facet in FACETS:
        if facet not in facets:
            continue
        grouping = facets[facet]
        outer: tuple[Facet, ...] = tuple(
            each for each in FACETS if each in facets and each != facet and facets[each].size > 1 and each != "items"
            and grouping.inside(facets[each]) and grouping.size > facets[each].size
        )  # fmt: skip
        if grouping.size == 1:
            omitted[facet] = "one level"
        elif grouping.size == rows:
            omitted[facet] = "no replication"
        else:
            terms.append(RandomTerm((facet,), outer, grouping))
    return terms, omitted


def _interactions(terms: Sequence[RandomTerm], facets: Mapping[Facet, Grouping]) -> Iterator[RandomTerm]:
    """Pairs of facets that cross each other."""
    crossing = [term for term in terms if term.own != ("groups",)]
    for one, two in combinations(crossing, 2):
        (a,), (b,) = one.own, two.own
        if a not in two.within and b not in one.within:
            within = tuple(dict.fromkeys(each for each in (*one.within, *two.within) if each not in (a, b)))
            yield RandomTerm((a, b), within, facets[a].crossed(facets[b]))


def _described(
    columns: Mapping[Facet, str], labels: Mapping[Facet, tuple[Any, ...]], facets: Mapping[Facet, Grouping],
    terms: tuple[RandomTerm, ...], omitted: Mapping[str, str],
) -> FacetLayout:  # fmt: skip
    objects = facets["objects"]
    visit = objects
    for facet in ("inspectors", "occasions"):
        if facet in facets:
            visit = visit.crossed(facets[facet])
    if "items" in facets and ("inspectors" in facets or "occasions" in facets):
        first = np.zeros(visit.size, dtype=int)
        first[visit.codes] = objects.codes
        visits = np.bincount(first, minlength=objects.size)
    elif "items" in facets:
        visits = np.ceil(objects.counts / facets["items"].size)
    else:
        visits = objects.counts
    if "inspectors" not in facets:
        return FacetLayout(columns, labels, facets, terms, omitted, False, visits, np.zeros(objects.size))
    inspectors = facets["inspectors"]
    a, b, _ = objects.table(inspectors)
    return FacetLayout(
        columns, labels, facets, terms, omitted, len(a) == objects.size * inspectors.size, visits,
        np.bincount(a, minlength=objects.size), np.bincount(b, minlength=inspectors.size) == 1,
        _islands(a, b, objects.size, inspectors.size),
    )  # fmt: skip


def _islands(a: Array, b: Array, objects: int, inspectors: int) -> int:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    size = objects + inspectors
    links = csr_array((np.ones(len(a)), (a, b + objects)), shape=(size, size))
    return int(connected_components(links, directed=False, return_labels=False))


def fixed_columns(frame: pd.DataFrame, fixed: Sequence[str]) -> Array:
    """(n, p) the constant and the fixed effects: numbers as they are, one column per further category."""
    parts = [np.ones((len(frame), 1))]
    for name in fixed:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            spread = float(column.std())
            parts.append(((column - column.mean()) / (spread or 1.0)).to_numpy(float)[:, None])
        else:
            parts.append(pd.get_dummies(column.astype(str), drop_first=True).to_numpy(float))
    return np.hstack(parts)


def column_label(result: Result, name: str) -> str:
    """A column in the result's language: the label given, or the usual word, or its own name."""
    return result.column_words(name) if name in result.called else say(USUAL.get(name, name), result.language)


def decimals_for(size: float) -> int:
    """Decimals that show three figures of a number of this size, two at least.

    >>> decimals_for(38.2), decimals_for(0.041)
    (2, 4)
    """
    return 2 if not 0 < size < 1 else 2 - int(np.floor(np.log10(size)))


def check_facets(columns: Mapping[Facet, str], score: str, fixed: Sequence[str]) -> None:
    """Refuse a column that is asked to be two things."""
    named = [score, *columns.values(), *fixed]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise SpecError(f"{', '.join(map(repr, twice))} is named more than once among score, facets and fixed effects.")
