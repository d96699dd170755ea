"""From answers to points, on arrays: what items count for, what visits earned, and their scores before and after vetoes.

A row is a visit, a column an item. An answer is the share of the item's points that was earned, 0 to 1, or it is not
there: not applicable, or missing. Scores are made in :mod:`servqual.mystery.blocks`; files, checklists and stores are
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from servqual.mystery.checklist import Checklist, Reach, Rebase
from survey_design.errors import SpecError

Array = NDArray[Any]
Runs = list[tuple[int, slice, bool]]  # an owner, rows that lie together and are its own, and whether they are its first

Level = Literal["indicator", "category", "total"]
LEVELS: tuple[Level, ...] = get_args(Level)

NOT_APPLICABLE, MISSING = -1, -2  # what stands in place of a share
_UNITS = (1, 2, 4, 10, 12, 20, 60, 100)  # denominators of shares that fit into a byte
_SCALES = (1, 2, 4, 5, 10, 20, 100, 1000)  # what makes points whole numbers


@dataclass(frozen=True, eq=False)
class Answers:
    """(n, p) shares of the items' points, kept small.

    Attributes
    ----------
    values : (n, p) ``share * unit``, or NOT_APPLICABLE (-1) or MISSING (-2); whole numbers of one byte where all shares are
        multiples of ``1/unit``, else floats and unit 1
    unit : what a full share is

    Examples
    --------
    >>> answers = Answers.of(np.array([[1.0, 0.75], [0.0, np.nan]]))
    >>> answers.values.tolist(), answers.unit, answers.values.dtype.name
    ([[4, 3], [0, -1]], 4, 'int8')
    >>> answers.shares.tolist()
    [[1.0, 0.75], [0.0, nan]]
    """

    values: Array
    unit: int = 1

    @classmethod
    def of(cls, shares: Array, missing: Array | None = None) -> Answers:
        """Shares as floats, nan where there is no answer; ``missing`` (n, p) says where it should have been given."""
        shares = np.asarray(shares, dtype=float)
        there = ~np.isnan(shares)
        wrong = there & ~((shares >= 0) & (shares <= 1))
        if wrong.any():
            raise SpecError(f"{int(wrong.sum())} shares lie outside 0 to 1, such as {shares[wrong][0]:g}.")
        unit = next((unit for unit in _UNITS if is_whole(shares[there], unit)), None)
        values = np.full(shares.shape, NOT_APPLICABLE, dtype=float if unit is None else np.int8)
        values[there] = shares[there] if unit is None else np.rint(shares[there] * unit)
        if missing is not None:
            values[~there & missing] = MISSING
        return cls(values, unit or 1)

    @property
    def shares(self) -> Array:
        """(n, p) floats, nan where there is no answer."""
        return np.where(self.values >= 0, self.values / self.unit, np.nan)

    @property
    def missing(self) -> Array:
        """(n, p) True where an answer should have been given and was not."""
        return np.asarray(self.values == MISSING)

    @property
    def not_applicable(self) -> Array:
        """(n, p) True where the item could not be judged."""
        return np.asarray(self.values == NOT_APPLICABLE)

    def rows(self, chosen: Array) -> Answers:
        """The answers of some visits."""
        return Answers(self.values[chosen], self.unit)


def is_whole(values: Array, unit: float = 1) -> bool:
    """Whether all values are multiples of ``1/unit``."""
    scaled = values * unit
    return bool((np.abs(scaled - np.rint(scaled)) < 1e-9).all())


def _runs(owner: Array, size: int) -> Runs:
    cuts = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(owner)]
    owners = owner[cuts[:-1]].tolist()
    runs = [
        (own, slice(start, stop), own not in owners[:place])
        for place, (own, (start, stop)) in enumerate(zip(owners, pairwise(cuts), strict=True))
    ]
    return runs + [(own, slice(0, 0), True) for own in range(size) if own not in owners]


@dataclass(frozen=True, eq=False)
class PointPlan:
    """What each of p items, k indicators and c categories counts for.

    Attributes
    ----------
    points : (p,) full points of the items
    indicator : (p,) number of each item's indicator
    category : (k,) number of each indicator's category
    group : (c,) what each category makes up: 0 the total, 1 and more an optional module that is scored apart
    weight : (k,) weights of the indicators, which sum to 1 in the total and in each module
    veto : (p,) True where a share of 0 is a violation
    caps : (p, 3) highest score that the item's indicator, category and visit can have where its share is 0; inf for none
    veto_rule : what a violation sets to 0 besides the item's indicator: nothing, its category, or the visit
    rebase : where weight of what is not applicable goes: over all indicators, or within the category first
    """

    points: Array
    indicator: Array
    category: Array
    group: Array
    weight: Array
    veto: Array
    caps: Array
    veto_rule: Reach = "indicator"
    rebase: Rebase = "overall"

    @classmethod
    def of(cls, checklist: Checklist) -> PointPlan:
        """The plan of a checklist."""
        modules = checklist.modules
        group = [modules.index(each.module) + 1 if each.module else 0 for each in checklist.categories]
        weight = checklist.indicator_weights + sum(checklist.module_weights(module) for module in modules)
        return cls(
            checklist.points,
            checklist.item_indicator,
            checklist.indicator_category,
            np.array(group, dtype=int),
            np.asarray(weight, dtype=float),
            np.array([item.veto for item in checklist.items], dtype=bool),
            np.array(
                [[item.cap.get(reach, np.inf) for reach in get_args(Reach)] for item in checklist.items], dtype=float
            ),
            checklist.veto_rule,
            checklist.rebase,
        )

    @property
    def groups(self) -> int:
        """How many scores a visit has: the total, and one per module."""
        return int(self.group.max(initial=0)) + 1

    @cached_property
    def of_indicator(self) -> Array:
        """(p, k) 1 where an item belongs to an indicator."""
        return (self.indicator[:, None] == np.arange(len(self.category))).astype(float)

    @cached_property
    def of_category(self) -> Array:
        """(k, c) 1 where an indicator belongs to a category."""
        return (self.category[:, None] == np.arange(len(self.group))).astype(float)

    @cached_property
    def of_group(self) -> Array:
        """(c, g) 1 where a category belongs to the total or to a module."""
        return (self.group[:, None] == np.arange(self.groups)).astype(float)

    @cached_property
    def limits(self) -> tuple[Array, Array, Array]:
        """(p, k), (p, c), (p, g) highest scores where an item's share is 0, vetoes and caps together; inf for none."""
        steps = (
            self.of_indicator,
            self.of_indicator @ self.of_category,
            self.of_indicator @ self.of_category @ self.of_group,
        )
        limits = []
        for step, (reach, level) in enumerate(zip(get_args(Reach), steps, strict=True)):
            zeroed = self.veto & (reach in ("indicator", self.veto_rule))
            most = np.where(zeroed, 0.0, self.caps[:, step])
            limits.append(np.where(level > 0, most[:, None], np.inf))
        return limits[0], limits[1], limits[2]

    @cached_property
    def lowered(self) -> list[list[tuple[int, int, float]]]:
        """Of indicators, of categories and of totals: (place in ``watched``, which of them, highest score if it failed)."""
        return [
            [(self.watched.index(j), k, float(limits[j, k])) for j, k in np.argwhere(np.isfinite(limits)).tolist()]
            for limits in self.limits
        ]

    @cached_property
    def watched(self) -> list[int]:
        """The items that lower something where their share is 0: they failed."""
        return sorted({int(j) for limits in self.limits for j in np.argwhere(np.isfinite(limits))[:, 0]})

    @cached_property
    def by_indicator(self) -> Runs:
        """Items that lie together and belong to one indicator."""
        return _runs(self.indicator, len(self.category))

    @cached_property
    def by_category(self) -> Runs:
        """Indicators that lie together and belong to one category."""
        return _runs(self.category, len(self.group))

    @cached_property
    def by_group(self) -> Runs:
        """Categories that lie together and belong to one group."""
        return _runs(self.group, self.groups)

    @cached_property
    def touchable(self) -> Array:
        """(k + c + g,) True for the indicators, categories and totals that a veto or a cap can lower."""
        indicator, category, total = (np.isfinite(limits).any(axis=0) for limits in self.limits)
        category |= indicator @ self.of_category > 0
        total |= category @ self.of_group > 0
        return np.concatenate([indicator, category, total])

    @cached_property
    def straight(self) -> bool:
        """Whether a total is the mean of its indicators, whatever becomes of the categories between them."""
        return self.rebase == "overall" and not self.lowered[1]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """k, c, g."""
        return len(self.category), len(self.group), self.groups

    def split(self, scores: Array) -> tuple[Array, Array, Array]:
        """(k, m), (c, m), (g, m) from (k + c + g, m) scores."""
        k, c, _ = self.sizes
        return scores[:k], scores[k : k + c], scores[k + c :]

    @property
    def matrix(self) -> Array:
        """(p, k) points by indicator, as whole numbers where some unit makes them that."""
        scale = next((scale for scale in _SCALES if is_whole(self.points, scale)), None)
        points = self.points if scale is None else np.rint(self.points * scale)
        return np.asarray(points[:, None] * self.of_indicator)


@dataclass(frozen=True, eq=False)
class Earned:
    """Points that n visits earned, and what they are out of: kept as whole numbers, they take a quarter of a score's room.

    Attributes
    ----------
    points : (n,), times ``unit``
    out_of : (n,) points possible, 0 where there were none; or one number for all
    unit : what a full share is
    scale : what all of them would score

    Examples
    --------
    >>> Earned(np.array([3, 0, 0]), np.array([4, 4, 0]), scale=100).scores.tolist()
    [75.0, 0.0, nan]
    """

    points: Array
    out_of: Array | float
    unit: int = 1
    scale: float = 1.0

    @property
    def scores(self) -> Array:
        """(n,) ``points / (unit * out_of) * scale``, nan where no points were possible."""
        with np.errstate(invalid="ignore"):
            out = np.asarray(self.points / (self.out_of * float(self.unit)), dtype=float)
        out *= self.scale
        return out


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of n visits, 0 to 100; nan where nothing was applicable.

    Attributes
    ----------
    columns : (n,) scores of k indicators, then of c categories, then of g totals: the total first, modules after it.
        Two kinds of scores may share a column: what no veto can touch is the same before and after
    sizes : k, c, g
    most : what none of them can exceed: rounding could lift a mean above it, and does not
    indicator, category, total : (n, k), (n, c), (n, g) copies of them
    """

    columns: tuple[Array | Earned, ...]
    sizes: tuple[int, int, int]
    most: float

    def column(self, level: Level, place: int) -> Array:
        """(n,) one of them."""
        values = self.columns[sum(self.sizes[: LEVELS.index(level)]) + place]
        return values.scores if isinstance(values, Earned) else np.minimum(values, self.most)

    def _level(self, level: Level) -> Array:
        return np.column_stack([self.column(level, place) for place in range(self.sizes[LEVELS.index(level)])])

    @property
    def indicator(self) -> Array:
        """(n, k) scores of the indicators."""
        return self._level("indicator")

    @property
    def category(self) -> Array:
        """(n, c) scores of the categories."""
        return self._level("category")

    @property
    def total(self) -> Array:
        """(n, g) the total, and the total of every module."""
        return self._level("total")


@dataclass(frozen=True, eq=False)
class VisitPoints:
    """Scores of n visits before and after vetoes and caps, and what they rest on.

    Attributes
    ----------
    raw, final : before, and after; the same object where no visit was touched
    coverage : shares of the weight that was applicable and answered, 0 to 1: an indicator's is a share of its points, a
        category's and the total's the mean of their indicators' by weight
    """

    raw: Scores
    final: Scores
    coverage: Scores


def violated(plan: PointPlan, answers: Answers) -> Array:
    """(n, p) True where a veto item was answered with a share of 0; one that is not applicable violates nothing."""
    return np.asarray((answers.values == 0) & plan.veto)
