"""How many visits are scored at once: blocks of answers, a visit a column, go through one product of whole numbers.

Memory is what this costs, more than sums do: what passes is small and used again, what stays is kept as whole numbers where
it can be. Every step is done to whole rows, so that blocks of any size give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from servqual.moments import one_blas_thread
from servqual.mystery.points import Answers, Array, Earned, PointPlan, Runs, Scores, VisitPoints, is_whole
from survey_design.errors import SpecError

Cells = tuple[Array, ...]  # their rows and columns

_CHUNK = 16_384  # rows at a time: steps so long that two threads seldom wait for each other, and still in the cache
_ROWS = 8  # rows of a block of a product, at least
_EXACT_FLOAT32, _EXACT_FLOAT64 = 2**24, 2**53  # sums of whole numbers below these are exact in single, double precision


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
    out = _Blocks.of(plan, answers)
    work = _worker(plan, answers, out, weights, which)
    chunks = [slice(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK)]
    with one_blas_thread():
        if len(chunks) <= 8:
            touched = [work(chunks)]
        else:  # chunks write to places of their own
            with ThreadPoolExecutor(2) as pool:
                touched = list(pool.map(work, (chunks[::2], chunks[1::2])))
    return out.points(plan, answers.unit, any(touched))


# --- what is done with a block of visits ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Where scores of n visits are written: a score a row, indicators, categories and totals below each other.

    Attributes
    ----------
    earned, possible : (k, n) points of the indicators
    raw, coverage : (c + g, n) scores before vetoes, and coverage, of categories and totals
    final : (f, n) scores after vetoes: those of indicators, categories and totals that a veto or a cap can touch
    touchable : (k + c + g,) True for them
    """

    earned: Array
    possible: Array
    raw: Array
    coverage: Array
    final: Array
    touchable: Array

    @classmethod
    def of(cls, plan: PointPlan, answers: Answers) -> _Blocks:
        """Room for all visits; memory that is never written on costs nothing."""
        n, (k, c, g), touchable = len(answers.values), plan.sizes, plan.touchable
        whole = answers.values.dtype.kind == "i" and is_whole(plan.matrix, 1)
        kind = np.uint16 if whole and plan.matrix.sum(axis=0).max() * answers.unit < 2**16 else np.float64
        return cls(
            np.empty((k, n), kind),
            np.empty((k, n), kind),
            np.empty((c + g, n)),
            np.empty((c + g, n)),
            np.empty((touchable.sum(), n)),
            touchable,
        )

    def points(self, plan: PointPlan, unit: int, touched: bool) -> VisitPoints:
        """The scores as they are read."""
        full, final = plan.matrix.sum(axis=0).tolist(), iter(self.final)
        raw = *(Earned(*pair, unit, 100) for pair in zip(self.earned, self.possible, strict=True)), *self.raw
        after = tuple(next(final) if mine else each for mine, each in zip(self.touchable, raw, strict=True))
        coverage = *(Earned(*pair) for pair in zip(self.possible, full, strict=True)), *self.coverage
        before = Scores(raw, plan.sizes, 100)
        return VisitPoints(
            before, Scores(after, plan.sizes, 100) if touched else before, Scores(coverage, plan.sizes, 1)
        )


def _worker(
    plan: PointPlan, answers: Answers, out: _Blocks, weights: Array | None, which: Array | None
) -> Callable[[Sequence[slice]], bool]:
    """What is done with chunks of visits; it writes all scores, and says whether a veto or a cap applied."""
    shared, k = _Weights.of(plan, plan.weight[:, None]), len(plan.category)

    def work(chunks: Sequence[slice]) -> bool:
        points, touched = _Points.of(plan, answers), False
        for rows in chunks:
            block = answers.values[rows]
            w = shared if weights is None or which is None else _Weights.of(plan, weights[which[rows]].T)
            scores, shares, gone = points.of_block(block, out.earned[:, rows], out.possible[:, rows])
            base = w.without(plan, gone, points.base[:, : len(block)])
            out.raw[:, rows] = points.with_means(scores, w, base)[k:]
            if plan.watched:
                failed = np.ascontiguousarray((block[:, plan.watched] == 0).T)
                touched = touched or bool(failed.any())
                points.with_means(scores, w, base, failed)[gone] = np.nan
                out.final[:, rows] = scores[out.touchable]
            shares[:k] /= points.full
            out.coverage[:, rows] = points.with_means(shares, w, w)[k:]
        return touched

    return work


@dataclass(frozen=True, eq=False)
class _Weights:
    """Weights of the indicators, alike for all visits (m = 1) or of each visit.

    Attributes
    ----------
    indicator, category, total : (k, m), (c, m), (g, m) weights and their sums
    passed : (c, m) weights of the categories in the total
    """

    indicator: Array
    category: Array
    passed: Array
    total: Array

    @classmethod
    def of(cls, plan: PointPlan, w: Array) -> _Weights:
        """The weights and their sums."""
        w = np.ascontiguousarray(w)
        category = _sums(w, plan.by_category, np.empty((len(plan.group), w.shape[1])))
        return cls(w, category, category, _sums(category, plan.by_group, np.empty((plan.groups, w.shape[1]))))

    def without(self, plan: PointPlan, gone: Cells, room: Array) -> _Weights:
        """The weights of m visits, in which some cells are gone; ``room`` (2c + g, m) takes them."""
        c, (rows, columns) = len(self.category), gone
        category, passed, total = room[:c], room[c : 2 * c], room[2 * c :]
        category[:], passed[:], total[:] = self.category, self.passed, self.total
        some_gone = np.zeros(room.shape[1], dtype=bool)
        some_gone[columns] = True
        visits, place = np.flatnonzero(some_gone), np.cumsum(some_gone)[columns] - 1
        left = np.broadcast_to(self.indicator, (len(self.indicator), room.shape[1]))[:, visits]
        left[rows, place] = 0
        some = _sums(left, plan.by_category, np.empty((c, len(visits))))
        category[:, visits] = some
        if plan.rebase == "within":
            some = np.where(some > 0, passed[:, visits], 0.0)
        passed[:, visits] = some
        total[:, visits] = _sums(some, plan.by_group, np.empty((len(total), len(visits))))
        return _Weights(self.indicator, category, passed, total)


@dataclass(frozen=True, eq=False)
class _Points:
    """How blocks of answers become points earned and points possible, by indicator.

    Attributes
    ----------
    plan, unit : the plan, and what a full share is
    matrix : (k, p) points of each indicator's items
    full : (k, 1) their sums
    blocks : rows and columns of the matrix outside of which it is 0
    radix : a power of two above any sum of points earned, or 0
    digits, answers, products, scores, weighted, base : memory that every block takes again: new memory costs more than
        what is done in it

    With a radix one product gives both sums. An answer of 3 stands as 3, and one that is not there as ``-radix``; in whole
    numbers their sum is ``earned - radix * lost``, from which either can be read. Without one, where shares or points
    are not whole numbers, items are added one by one.
    """

    plan: PointPlan
    unit: int
    matrix: Array
    full: Array
    blocks: list[tuple[slice, slice]]
    radix: int
    digits: Array
    answers: Array
    products: Array
    scores: Array
    weighted: Array
    base: Array

    @classmethod
    def of(cls, plan: PointPlan, answers: Answers) -> _Points:
        """The cheapest way that is exact."""
        matrix = np.ascontiguousarray(plan.matrix.T)
        full = matrix.sum(axis=1, keepdims=True)
        most = float(full.max())
        radix = 2 ** int(answers.unit * most).bit_length()
        whole = answers.values.dtype.kind == "i" and is_whole(matrix, 1) and most * radix < _EXACT_FLOAT64
        kind = np.float32 if whole and most * radix < _EXACT_FLOAT32 else np.float64
        (n, p), k = answers.values.shape, len(matrix)
        n, shown = min(n, _CHUNK), int(whole)
        room = (
            np.empty((2 * shown, n, p), np.min_scalar_type(-radix)),
            np.empty((shown * n, p), kind),
            np.empty((3 * shown, k, n), kind),
            np.empty((2, sum(plan.sizes), n)),
            np.empty((k, n)),
            np.empty((2 * len(plan.group) + plan.groups, n)),
        )
        return cls(
            plan, answers.unit, matrix.astype(kind), full.astype(kind), _diagonal(matrix), radix if whole else 0, *room
        )

    def of_block(self, block: Array, earned: Array, possible: Array) -> tuple[Array, Array, Cells]:
        """(k + c + g, m) scores and points possible, and the cells of indicators for which none were: there both are 0.

        Points go to ``earned`` and ``possible``, too. Categories and totals aren't filled in yet, and the next block takes
        the same arrays.
        """
        scores, shares = self.scores[:, :, : len(block)]
        score, share = scores[: len(self.full)], shares[: len(self.full)]
        found = (self._in_one_product if self.radix else self._one_by_one)(block)
        for points, places in zip(found, ((earned, score), (possible, share)), strict=True):
            for place in places:
                place[:] = points
        gone = np.divmod(np.flatnonzero(share == 0), len(block))
        share[gone] = 1
        score /= share if self.unit == 1 else share * self.unit
        score *= 100
        share[gone] = 0
        return scores, shares, gone

    def with_means(self, values: Array, w: _Weights, base: _Weights, failed: Array | None = None) -> Array:
        """(k + c + g, m) values, categories and totals filled in from the indicators above them: nan where nothing counts.

        An indicator that has no score stands as 0, and ``base`` leaves its weight out. With ``failed``, (f, m) True where a
        watched item's share was 0, all are held at the highest score that it leaves.
        """
        plan, weighted = self.plan, self.weighted[:, : values.shape[1]]
        (indicator, category, total), lowered = plan.split(values), plan.lowered
        _hold(indicator, lowered[0], failed)
        np.multiply(indicator, w.indicator, out=weighted)
        with np.errstate(invalid="ignore"):  # what has no weight has no mean
            _sums(weighted, plan.by_category, category)
            if plan.straight:
                _sums(category, plan.by_group, total)
                category /= base.category
            else:
                category /= base.category
                _hold(category, lowered[1], failed)
                weighted = np.fmax(category, 0, out=weighted[: len(category)])  # nan counts for nothing
                weighted *= base.passed
                _sums(weighted, plan.by_group, total)
            total /= base.total
        _hold(total, lowered[2], failed)
        return values

    def _in_one_product(self, block: Array) -> tuple[Array, Array]:
        m, kind = len(block), self.matrix.dtype.type
        (digits, excess), answers, packed, kept = self.digits[:, :m], self.answers[:m], *self.products[:2, :, :m]
        np.clip(block, -1, self.unit, out=digits)
        np.right_shift(digits, 8 * digits.itemsize - 1, out=excess)  # all bits where an answer is not there, else none
        excess &= self.radix - 1
        digits -= excess
        np.copyto(answers, digits)
        for rows, columns in self.blocks:
            np.matmul(self.matrix[rows, columns], answers[:, columns].T, out=packed[rows])
        np.floor(np.multiply(packed, kind(1 / self.radix), out=kept), out=kept)  # minus the points lost
        packed -= np.multiply(kept, kind(self.radix), out=self.products[2, :, :m])
        kept += self.full
        return packed, kept

    def _one_by_one(self, block: Array) -> tuple[Array, Array]:
        there, points = (block >= 0).T, self.matrix.sum(axis=0)[:, None]
        earned, possible = np.empty((2, len(self.matrix), len(block)))
        _sums(np.where(there, block.T, 0) * points, self.plan.by_indicator, earned)
        _sums(there * points, self.plan.by_indicator, possible)
        return earned, possible


def _diagonal(matrix: Array) -> list[tuple[slice, slice]]:
    """Blocks of some rows that share no column with the rows below them: most of a product with the whole would be zeros."""
    blocks, row, column = [], 0, 0
    for end in [*range(_ROWS, len(matrix), _ROWS), len(matrix)]:
        reach = int(np.flatnonzero(matrix[:end].any(axis=0)).max(initial=-1)) + 1
        if not matrix[end:, :reach].any():
            blocks.append((slice(row, end), slice(column, reach)))
            row, column = end, reach
    return blocks


def _sums(values: Array, runs: Runs, out: Array) -> Array:
    """Fills (size, m) with the sums of the rows of (k, m) values that have one owner, in the order of the rows."""
    values = np.ascontiguousarray(values)
    if values.shape[1] == 1:  # like columns that lie together, a lone one would be summed in another order
        out[:] = _sums(np.repeat(values, 2, axis=1), runs, np.repeat(out, 2, axis=1))[:, :1]
        return out
    for own, rows, first in runs:
        if first:
            np.add.reduce(values[rows], axis=0, out=out[own])
        else:
            out[own] += np.add.reduce(values[rows], axis=0)
    return out


def _hold(scores: Array, lowered: Sequence[tuple[int, int, float]], failed: Array | None) -> None:
    """Holds scores at what failed items leave."""
    if failed is None or not lowered:
        return
    items, _, limits = zip(*lowered, strict=True)
    most = np.where(failed[list(items)], np.array(limits)[:, None], np.inf)
    for (_, held, _), row in zip(lowered, most, strict=True):
        np.minimum(scores[held], row, out=scores[held])
