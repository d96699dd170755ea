"""From answers to points, on arrays: indicators, categories and totals of many visits, before and after vetoes.

A row is a visit, a column an item. An answer is the share of the item's points that was earned, 0 to 1, or it is not
there: not applicable, or missing. Everything else (files, checklists, stores) is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
_EXACT_FLOAT32, _EXACT_FLOAT64 = (
    2**24,
    2**53,
)  # sums of whole numbers below these are exact in single and double precision


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

    @property
    def matrix(self) -> Array:
        """(p, k) points by indicator, as whole numbers where some unit makes them that."""
        scale = next((scale for scale in _SCALES if _whole(self.points, scale)), None)
        points = self.points if scale is None else np.rint(self.points * scale)
        return np.asarray(points[:, None] * self.of_indicator)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of n visits, 0 to 100; nan where nothing was applicable.

    Attributes
    ----------
    indicator, category, total : (n, k), (n, c), and (n, g): the total first, modules after it; each column lies together
    """

    indicator: Array
    category: Array
    total: Array

    @classmethod
    def empty(cls, n: int, plan: PointPlan) -> Scores:
        """Room for n visits."""
        return cls(*(np.empty((width, n)).T for width in (len(plan.category), len(plan.group), plan.groups)))

    def columns(self, rows: slice | Array) -> tuple[Array, Array, Array]:
        """(k, m), (c, m), (g, m) scores of some visits, a visit a column; those of a slice may be written on."""
        return self.indicator.T[:, rows], self.category.T[:, rows], self.total.T[:, rows]

    def write(self, rows: slice | Array, columns: Sequence[Array]) -> None:
        """Writes such scores in their places."""
        for scores, values in zip((self.indicator, self.category, self.total), columns, strict=True):
            scores.T[:, rows] = values

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
    out = VisitPoints(*(Scores.empty(n, plan) for _ in range(3)))  # memory that is never written on costs nothing
    work, chunks = _worker(plan, answers, out, weights, which), list(_chunks(n))
    with one_blas_thread():
        if n <= 16 * _CHUNK:
            touched = [work(chunks)]
        else:  # chunks write to places of their own
            with ThreadPoolExecutor(2) as pool:
                touched = list(pool.map(work, (chunks[::2], chunks[1::2])))
    return out if any(touched) else replace(out, final=out.raw)


def violated(plan: PointPlan, answers: Answers) -> Array:
    """(n, p) True where a veto item was answered with a share of 0; one that is not applicable violates nothing."""
    return np.asarray((answers.values == 0) & plan.veto)


# --- a chunk of visits, a visit a column: every step is done to whole rows, so that chunks of any size give the same bytes ---


def _chunks(n: int) -> Iterator[slice]:
    yield from (slice(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK))


def _worker(
    plan: PointPlan, answers: Answers, out: VisitPoints, weights: Array | None, which: Array | None
) -> Callable[[Sequence[slice]], bool]:
    """What is done with chunks of visits; it writes all scores, and says whether a veto or a cap applied.

    Most visits have a score in every indicator and fail in nothing that matters: all are done as if they had and did, and
    those of which it isn't true are done again, many together.
    """
    shared = _Weights.of(plan, plan.weight[:, None])
    watched = np.flatnonzero(plan.veto | np.isfinite(plan.caps).any(axis=1)).tolist()

    def weights_of(rows: slice | Array) -> _Weights:
        return shared if weights is None or which is None else _Weights.of(plan, weights[which[rows]].T)

    def work(chunks: Sequence[slice]) -> bool:
        points, lacking, failing = _Points.of(plan, answers), [], []
        for rows in chunks:
            block, w = answers.values[rows], weights_of(rows)
            raw, coverage = out.raw.columns(rows), out.coverage.columns(rows)
            points.write(block, raw[0], coverage[0])
            for scores in (raw, coverage):
                scores[1][:], scores[2][:] = _whole_means(plan, scores[0], w)
            lacking.append(rows.start + np.flatnonzero(np.isnan(raw[2]).any(axis=0)))
            if watched:
                failing.append(rows.start + np.flatnonzero(_any_zero(block, watched)))
                out.final.write(rows, raw)
        for part in _pieces(lacking):
            indicator = out.raw.columns(part)[0]
            scores = indicator, *_means(plan, indicator, weights_of(part))
            out.raw.write(part, scores)
            out.final.write(part, scores)
        for part in _pieces(failing):
            out.final.write(part, _amended(plan, out.raw.columns(part)[0], answers.values[part], weights_of(part)))
        return any(map(len, failing))

    return work


def _any_zero(block: Array, items: Sequence[int]) -> Array:
    """(m,) True where a share of 0 was earned in any of the items."""
    return np.asarray(np.logical_or.reduce([block[:, item] == 0 for item in items]))


def _pieces(places: Sequence[Array]) -> Iterator[Array]:
    """The places, about a chunk at a time."""
    found = np.concatenate(places) if places else np.empty(0, dtype=int)
    yield from (found[rows] for rows in _chunks(len(found)))


@dataclass(frozen=True, eq=False)
class _Weights:
    """Weights of the indicators, alike for all visits (m = 1) or of each visit.

    Attributes
    ----------
    indicator, category, total : (k, m), (c, m), (g, m) weights and their sums
    """

    indicator: Array
    category: Array
    total: Array

    @classmethod
    def of(cls, plan: PointPlan, w: Array) -> _Weights:
        """The weights and their sums."""
        category = _sums(w, plan.category, len(plan.group))
        return cls(w, category, _sums(category, plan.group, plan.groups))


@dataclass(frozen=True, eq=False)
class _Points:
    """How blocks of answers become points earned and points possible, by indicator.

    Attributes
    ----------
    plan, unit : the plan, and what a full share is
    matrix : (k, p) points of each indicator's items
    full : (k, 1) their sums
    radix : a power of two above any sum of points earned, or 0
    room : memory for a block that is used again and again: new memory costs more than what is done in it

    With a radix one product gives both sums. An answer of 3 stands as 3, and one that is not there as ``-radix``; in whole
    numbers their sum is ``earned - radix * lost``, from which either can be read. Without one, where shares or points
    are not whole numbers, items are added one by one.
    """

    plan: PointPlan
    unit: int
    matrix: Array
    full: Array
    radix: int
    room: tuple[Array, ...]

    @classmethod
    def of(cls, plan: PointPlan, answers: Answers) -> _Points:
        """The cheapest way that is exact."""
        matrix = np.ascontiguousarray(plan.matrix.T)
        full = matrix.sum(axis=1, keepdims=True)
        most = float(full.max())
        radix = 2 ** int(answers.unit * most).bit_length()
        if answers.values.dtype.kind != "i" or not _whole(matrix, 1) or most * radix >= _EXACT_FLOAT64:
            return cls(plan, answers.unit, matrix, full, 0, ())
        matrix = matrix.astype(np.float32 if most * radix < _EXACT_FLOAT32 else float)
        (n, p), k = answers.values.shape, len(matrix)
        n = min(n, _CHUNK)
        room = np.empty((n, p), np.int8), *(np.empty(shape, matrix.dtype) for shape in ((n, p), (n, p), (k, n), (k, n)))
        return cls(plan, answers.unit, matrix, full, radix, room)

    def write(self, block: Array, score: Array, share: Array) -> None:
        """Writes (k, m) scores of the indicators, nan where no points were possible, and shares of the points that were."""
        (self._in_one_product if self.radix else self._one_by_one)(block, score, share)
        with np.errstate(invalid="ignore"):
            score /= share
        score *= 100 / self.unit
        share /= self.full

    def _in_one_product(self, block: Array, earned: Array, possible: Array) -> None:
        kind, m = self.matrix.dtype.type, len(block)
        clipped, answer, digits = (each[:m] for each in self.room[:3])
        packed, kept = (each[:, :m] for each in self.room[3:])
        np.clip(block, -1, self.unit, out=clipped)
        np.copyto(answer, clipped)
        np.multiply(answer, kind(self.radix), out=digits)
        np.minimum(digits, answer, out=digits)  # 0 and above as they are, what is below times the radix
        np.matmul(self.matrix, digits.T, out=packed)
        np.floor(np.multiply(packed, kind(1 / self.radix), out=kept), out=kept)  # minus the points lost
        possible[:] = kept
        possible += self.full
        packed -= np.multiply(kept, kind(self.radix), out=kept)
        earned[:] = packed

    def _one_by_one(self, block: Array, earned: Array, possible: Array) -> None:
        there, points = (block >= 0).T, self.matrix.sum(axis=0)[:, None]
        earned[:] = _sums(np.where(there, block.T, 0), self.plan.indicator, len(self.matrix), points)
        possible[:] = _sums(there, self.plan.indicator, len(self.matrix), points)


def _sums(values: Array, owner: Array, size: int, w: Array | None = None) -> Array:
    """(size, m) sums of the rows of (k, m) values that have one owner, each times its weight, (k, 1) or (k, m)."""
    out = np.zeros((size, values.shape[1]))
    for k, own in enumerate(owner.tolist()):
        out[own] += values[k] if w is None else values[k] * w[k]
    return out


def _whole_means(plan: PointPlan, values: Array, w: _Weights) -> tuple[Array, Array]:
    """(c, m) means of categories and (g, m) of totals from (k, m) values of indicators, nan where any value is."""
    category = _sums(values, plan.category, len(plan.group), w.indicator)
    total = _sums(category, plan.group, plan.groups)
    with np.errstate(invalid="ignore"):  # a category may have no weight
        return category / w.category, total / w.total


def _means(
    plan: PointPlan, indicator: Array, w: _Weights, most: Sequence[Array | float] = (np.inf, np.inf)
) -> tuple[Array, Array]:
    """(c, m) categories and (g, m) totals over what is applicable, held at ``most`` of each."""
    there = ~np.isnan(indicator)
    base = _sums(there, plan.category, len(plan.group), w.indicator)
    category = _over(_sums(np.where(there, indicator, 0.0), plan.category, len(plan.group), w.indicator), base)
    category = np.minimum(category, most[0])
    if plan.rebase == "within":
        base = np.where(base > 0, w.category, 0.0)
    known = np.where(base > 0, category, 0.0)
    total = _over(_sums(known, plan.group, plan.groups, base), _sums(base, plan.group, plan.groups))
    return category, np.minimum(total, most[1])


def _over(top: Array, base: Array) -> Array:
    return np.divide(top, base, out=np.full(top.shape, np.nan), where=np.broadcast_to(base > 0, top.shape))


def _amended(plan: PointPlan, indicator: Array, answers: Array, w: _Weights) -> tuple[Array, Array, Array]:
    """Scores after vetoes and caps from (k, m) indicators before them and (m, p) answers."""
    failed = (answers == 0).T
    lowest = [_lowest(failed, limits) for limits in plan.limits]
    indicator = np.minimum(indicator, lowest[0])  # nan stays nan
    return indicator, *_means(plan, indicator, w, lowest[1:])


def _lowest(failed: Array, limits: Array) -> Array:
    """(k, m) lowest of the limits that failed items set."""
    most = np.full((limits.shape[1], failed.shape[1]), np.inf)
    for item, level in np.argwhere(np.isfinite(limits)).tolist():
        np.minimum(most[level], np.where(failed[item], limits[item, level], np.inf), out=most[level])
    return most
