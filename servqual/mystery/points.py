"""From answers to points, on arrays: indicators, categories and totals of many visits, before and after vetoes.

A row is a visit, a column an item. An answer is the share of the item's points that was earned, 0 to 1, or it is not
there: not applicable, or missing. Everything else (files, checklists, stores) is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from servqual.moments import one_blas_thread
from servqual.mystery.checklist import Checklist, Reach, Rebase
from survey_design.errors import SpecError

Array = NDArray[Any]

NOT_APPLICABLE, MISSING = -1, -2  # what stands in place of a share
_UNITS = (1, 2, 4, 10, 12, 20, 60, 100)  # denominators of shares that fit into a byte
_SCALES = (1, 2, 4, 5, 10, 20, 100, 1000)  # what makes points whole numbers
_CHUNK = 8_192  # rows at a time: about what the second-level cache holds
_EXACT_FLOAT32 = 2**24  # sums of whole numbers below this are exact in single precision


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
        unit = next((unit for unit in _UNITS if _whole(shares[there], unit)), None)
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


def _whole(values: Array, unit: float) -> bool:
    scaled = values * unit
    return bool((np.abs(scaled - np.rint(scaled)) < 1e-9).all())


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

    def matrix(self, answers: Answers) -> Array:
        """(p, k) points by indicator, in single precision and scaled to whole numbers where sums stay exact."""
        scale = next((scale for scale in _SCALES if _whole(self.points, scale)), None)
        whole = answers.values.dtype.kind == "i"
        if not whole or scale is None or answers.unit * scale * self.points.sum() >= _EXACT_FLOAT32:
            return self.points[:, None] * self.of_indicator
        return (np.rint(self.points * scale)[:, None] * self.of_indicator).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of n visits, 0 to 100; nan where nothing was applicable.

    Attributes
    ----------
    indicator, category, total : (n, k), (n, c), and (n, g): the total first, modules after it
    """

    indicator: Array
    category: Array
    total: Array

    @classmethod
    def empty(cls, n: int, plan: PointPlan) -> Scores:
        """Room for n visits."""
        return cls(*(np.empty((n, width)) for width in (len(plan.category), len(plan.group), plan.groups)))

    def copy(self) -> Scores:
        """The same scores, which may be written on."""
        return Scores(self.indicator.copy(), self.category.copy(), self.total.copy())

    def rows(self, chosen: Array) -> Scores:
        """The scores of some visits."""
        return Scores(self.indicator[chosen], self.category[chosen], self.total[chosen])


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


def score_points(
    plan: PointPlan, answers: Answers, weights: Array | None = None, which: Array | None = None
) -> VisitPoints:
    """Scores of visits from the shares of points that they earned.

    Parameters
    ----------
    plan : PointPlan
    answers : Answers of n visits
    weights, which : (s, k) weights of the indicators in s stores, and (n,) the store of each visit; the plan's own weights
        without them

    Returns
    -------
    VisitPoints

    Notes
    -----
    With item points a and shares x, sums over the items that were applicable and answered::

        indicator_k = 100 · Σ a x / Σ a
        category    = Σ_k W_k indicator_k / Σ_k W_k     over its indicators that have a score
        total       = Σ_k W_k indicator_k / Σ_k W_k     over all of them          (rebase "overall")
        total       = Σ_c W_c category_c / Σ_c W_c      with W_c = Σ_k W_k of c   (rebase "within")

    A violated veto item sets its indicator to 0 and leaves the others as they are; the stricter rules set the category, or
    the visit's total, to 0 besides. A failed item with a cap holds its indicator, category or total at the cap or below.
    What is lowered passes upwards: a category is the mean of its indicators as they are now. Sums of points are exact:
    whole numbers where shares and points allow, else double precision.

    References
    ----------
    Re-basing over what is applicable is how inspection scores are commonly made; the veto that takes an indicator's whole
    score (一票否决) is the rule of the founding programme. Checked against reference results made in R and against plain
    loops over visits and items (tests/test_mystery_points.py).

    Examples
    --------
    Two indicators of one category; the second item of the first is a veto item:

    >>> plan = PointPlan(points=np.array([3.0, 1, 2]), indicator=np.array([0, 0, 1]), category=np.array([0, 0]),
    ...                  group=np.array([0]), weight=np.array([0.6, 0.4]), veto=np.array([False, True, False]),
    ...                  caps=np.full((3, 3), np.inf))
    >>> scored = score_points(plan, Answers.of(np.array([[1.0, 0.0, 1.0], [1.0, 1.0, np.nan]])))
    >>> scored.raw.total.ravel().tolist(), scored.final.total.ravel().tolist(), scored.coverage.total.ravel().tolist()
    ([85.0, 100.0], [40.0, 100.0], [1.0, 0.6])
    """  # fmt: skip
    n, p = answers.values.shape
    if p != len(plan.points):
        raise SpecError(f"answers to {p} items, but the checklist has {len(plan.points)}.")
    raw, coverage = Scores.empty(n, plan), Scores.empty(n, plan)
    touched = np.zeros(n, dtype=bool)
    work = _worker(plan, answers, raw, coverage, touched, lambda rows: _weights(plan, weights, which, rows))
    with one_blas_thread():
        if n <= 16 * _CHUNK:
            list(map(work, _chunks(n)))
        else:  # chunks write to places of their own
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(work, _chunks(n)))
        final = _amended(plan, raw, answers, np.flatnonzero(touched), weights, which)
    return VisitPoints(raw, final, coverage)


def _worker(
    plan: PointPlan, answers: Answers, raw: Scores, coverage: Scores, touched: Array, weights_of: Callable[[Any], Array]
) -> Callable[[slice], None]:
    """What is done with each chunk of visits; it writes scores, coverage, and whether a veto or a cap applies."""
    matrix, scale = plan.matrix(answers), 100 / answers.unit
    full = matrix.sum(axis=0, dtype=float)
    watched = np.flatnonzero(plan.veto | np.isfinite(plan.caps).any(axis=1))

    def work(rows: slice) -> None:
        block = answers.values[rows]
        there = block >= 0
        earned = (block * there).astype(matrix.dtype) @ matrix
        possible = there.astype(matrix.dtype) @ matrix
        w = weights_of(rows)
        _indicators(raw.indicator[rows], earned, possible, scale)
        _aggregate(plan, raw, rows, w)
        _cover(plan, coverage, rows, possible / full, w)
        touched[rows] = (block[:, watched] == 0).any(axis=1)

    return work


def violated(plan: PointPlan, answers: Answers) -> Array:
    """(n, p) True where a veto item was answered with a share of 0; one that is not applicable violates nothing."""
    return np.asarray((answers.values == 0) & plan.veto)


def _chunks(n: int) -> Iterator[slice]:
    yield from (slice(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK))


def _weights(plan: PointPlan, weights: Array | None, which: Array | None, rows: slice | Array) -> Array:
    """(k,) weights of all visits, or (n, k) of each."""
    return plan.weight if weights is None or which is None else np.asarray(weights[which[rows]])


def _indicators(out: Array, earned: Array, possible: Array, scale: float) -> None:
    """Writes (n, k) scores; nan where no points were possible."""
    with np.errstate(invalid="ignore"):
        np.divide(earned, possible, out=out, dtype=float)
    out *= scale


def _by_category(plan: PointPlan, values: Array, w: Array) -> Array:
    """(n, c) sums of values times weights, which all visits share or each has its own."""
    return np.asarray(values @ (w[:, None] * plan.of_category) if w.ndim == 1 else (values * w) @ plan.of_category)


def _whole_weight(plan: PointPlan, w: Array) -> Array:
    """(1, c) or (n, c) weight of each category."""
    return _by_category(plan, np.ones((1, len(plan.category))), w)


def _aggregate(
    plan: PointPlan, scores: Scores, rows: slice | Array, w: Array, most: tuple[Array, Array] | None = None
) -> None:
    """Writes categories and totals from the indicators of some rows, held at ``most`` of each category and total.

    One product serves all visits in which everything was applicable; the others are looked at one by one.
    """
    indicator = scores.indicator[rows]
    base = _whole_weight(plan, w)
    if most is not None or w.ndim > 1 or not (base > 0).all():
        scores.category[rows], scores.total[rows] = _means(plan, indicator, w, most)
        return
    category = indicator @ _shares_of_category(plan, w)
    total = category @ _shares_of_group(plan, base[0])
    lacking = np.flatnonzero(np.isnan(total.sum(axis=1)))
    if len(lacking):
        category[lacking], total[lacking] = _means(plan, indicator[lacking], w, None)
    scores.category[rows], scores.total[rows] = category, total


def _shares_of_category(plan: PointPlan, w: Array) -> Array:
    """(k, c) weight of each indicator in its category, summing to 1."""
    return np.asarray(w[:, None] * plan.of_category / _whole_weight(plan, w))


def _shares_of_group(plan: PointPlan, base: Array) -> Array:
    """(c, g) weight of each category in the total or in its module, summing to 1."""
    return np.asarray(base[:, None] * plan.of_group / (base @ plan.of_group))


def _means(plan: PointPlan, indicator: Array, w: Array, most: tuple[Array, Array] | None) -> tuple[Array, Array]:
    """(n, c) categories and (n, g) totals over what is applicable."""
    there = ~np.isnan(indicator)
    base = _by_category(plan, there.astype(float), w)
    category = _over(_by_category(plan, np.where(there, indicator, 0.0), w), base)
    category = category if most is None else np.minimum(category, most[0])
    if plan.rebase == "within":
        base = np.where(base > 0, _whole_weight(plan, w), 0.0)
    known = np.where(base > 0, category, 0.0)
    total = _over((known * base) @ plan.of_group, base @ plan.of_group)
    return category, total if most is None else np.minimum(total, most[1])


def _over(top: Array, base: Array) -> Array:
    return np.divide(top, base, out=np.full(top.shape, np.nan), where=base > 0)


def _cover(plan: PointPlan, coverage: Scores, rows: slice, share: Array, w: Array) -> None:
    """Writes what share of points and of weight was applicable and answered."""
    coverage.indicator[rows] = share
    base = _whole_weight(plan, w)
    if w.ndim == 1 and (base > 0).all():
        category = share @ _shares_of_category(plan, w)
        coverage.category[rows], coverage.total[rows] = category, category @ _shares_of_group(plan, base[0])
        return
    top = _by_category(plan, share, w)
    base = np.broadcast_to(base, top.shape)
    coverage.category[rows] = _over(top, base)
    coverage.total[rows] = _over(top @ plan.of_group, base @ plan.of_group)


def _amended(
    plan: PointPlan, raw: Scores, answers: Answers, rows: Array, weights: Array | None, which: Array | None
) -> Scores:
    """Scores after vetoes and caps; ``rows`` are those that have any."""
    if not len(rows):
        return raw
    final = raw.copy()
    for part in np.array_split(rows, len(rows) // _CHUNK + 1):
        failed = answers.values[part] == 0
        most = [_lowest(failed, limits) for limits in plan.limits]
        final.indicator[part] = np.minimum(final.indicator[part], most[0])  # nan stays nan
        _aggregate(plan, final, part, _weights(plan, weights, which, part), (most[1], most[2]))
    return final


def _lowest(failed: Array, limits: Array) -> Array:
    """(n, k) lowest of the limits that failed items set."""
    most = np.full((len(failed), limits.shape[1]), np.inf)
    for item, level in np.argwhere(np.isfinite(limits)):
        most[failed[:, item], level] = np.minimum(most[failed[:, item], level], limits[item, level])
    return most
