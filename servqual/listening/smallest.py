"""How few means would hear as much? The smallest sets that keep every segment's level, all of them where there are several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.listening.matrix import LEVELS, LITTLE, ListeningMatrix, sentences
from survey_design.errors import SpecError, check_choice
from survey_design.results import Column, Result, Text, say

Array = NDArray[Any]
Wanted = Literal["best", "fully", "medium"]

_SAME = 1e-6
ROLES: Mapping[str, Text] = {
    "all": {"en": "in every set", "zh": "每个最小集合都含"},
    "some": {"en": "in some", "zh": "部分最小集合含"},
    "none": {"en": "in none", "zh": "均不含"},
}


def smallest_covers(covers: Array, costs: Array, most: int) -> tuple[list[tuple[int, ...]], bool]:
    """All cheapest sets of rows that hit every column, and whether these are all of them.

    Parameters
    ----------
    covers : (rows, columns) True where a row hits a column; every column is hit by one at least
    costs : (rows,) above 0
    most : sets after which the search ends

    Notes
    -----
    ``min c'x, A'x ≥ 1, x ∈ {0, 1}`` by HiGHS. Each set found is then forbidden (``Σ x over the set ≤ size − 1``) and the
    programme solved again until the optimum is dearer: since costs are above 0 no cheapest set holds another, so nothing else is
    forbidden with it.

    >>> smallest_covers(np.array([[True, False], [True, True], [False, True]]), np.ones(3), 10)
    ([(1,)], True)
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    n = len(covers)
    cover = LinearConstraint(covers.T.astype(float), lb=1)
    found: list[tuple[int, ...]] = []
    least = np.inf
    while len(found) <= most:
        cuts = [LinearConstraint(np.isin(np.arange(n), each).astype(float), ub=len(each) - 1) for each in found]
        solved = milp(costs, constraints=[cover, *cuts], integrality=np.ones(n), bounds=Bounds(0, 1))
        if solved.status == 2 or (solved.success and solved.fun > least + _SAME * max(1.0, least)):
            return sorted(found), True
        if not solved.success:
            raise SpecError(f"the smallest set could not be found: {solved.message}")
        least = min(least, float(solved.fun))
        found.append(tuple(int(k) for k in np.flatnonzero(solved.x > 0.5)))
    return sorted(found[:most]), False


@dataclass(frozen=True, eq=False, repr=False)
class SmallestSets(Result):
    """The smallest sets of means. Frame columns: ``kind, means, cost, n_sets`` (of the sets hold it), ``share`` (of the sets), ``role``
    ("all", "some", "none").

    Attributes
    ----------
    matrix : what was covered
    wanted : level that was kept: "best", "fully", "medium"
    sets : every smallest set found, as ids
    complete : True if these are all; else there are more than ``len(sets)``
    cost : of each set: its size where no costs are given
    counted : True where means cost the same, so that cost is a number of means
    reached : segment -> level that the sets keep
    out_of_reach : segments for which no means reaches the level wanted
    """

    matrix: ListeningMatrix = None  # type: ignore[assignment]
    wanted: Wanted = "best"
    sets: tuple[tuple[str, ...], ...] = ()
    complete: bool = True
    cost: float = 0.0
    counted: bool = True
    reached: Mapping[str, int] = None  # type: ignore[assignment]
    out_of_reach: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Means of the smallest set with the fewest."""
        return min(len(each) for each in self.sets)

    def title(self) -> str:
        return "最小覆盖集合" if self.language == "zh" else "The smallest sets of means"

    def columns(self) -> tuple[Column, ...]:
        cost = () if self.counted else (Column("cost", {"en": "cost", "zh": "成本"}, "number"),)
        return (
            Column("kind", {"en": "kind", "zh": "类别"}, "text", self.matrix.kinds),
            Column("means", {"en": "means", "zh": "手段"}, "text", self.matrix.words),
            *cost,
            Column("n_sets", {"en": "sets with it", "zh": "含该手段的集合数"}, "count"),
            Column("share", {"en": "of all sets", "zh": "占全部集合"}, "share"),
            Column("role", {"en": "role", "zh": "作用"}, "text", ROLES),
        )

    def note(self) -> str:
        kept: dict[str, Text] = {
            "best": {"en": "each segment keeps the best level that all means together reach", "zh": "各对象保持全部手段所能达到的最高等级"},
            "fully": {"en": "each segment is covered fully", "zh": "各对象均完全覆盖"},
            "medium": {"en": "each segment is covered at least in part", "zh": "各对象至少中等覆盖"},
        }  # fmt: skip
        said: list[Text] = [kept[self.wanted]]
        if self.out_of_reach:
            en, zh = self._listed(self.out_of_reach, "en"), self._listed(self.out_of_reach, "zh")
            said.append({"en": f"out of reach of all means, so not asked for: {en}", "zh": f"所有手段均无法达到，未作要求：{zh}"})  # fmt: skip
        said.append({"en": "in a smallest set a segment may rest on one means: nothing stands in where that fails",
                     "zh": "最小集合中部分对象仅靠一种手段覆盖，一旦失效便无替代"})  # fmt: skip
        return sentences([*said, *self.matrix.remarks()], self.language)

    def to_sets(self) -> pd.DataFrame:
        """Every smallest set: ``set, means``, one row a means."""
        rows = [(k, name) for k, each in enumerate(self.sets, start=1) for name in each]
        return pd.DataFrame(rows, columns=["set", "means"])

    def sentence(self) -> str:
        """How many means suffice, in how many ways, and which are in all of them."""
        n, zh = len(self.sets), self.language == "zh"
        needed = self._listed(self.frame.loc[self.frame["role"] == "all", "means"], self.language)
        size, of = self.size, len(self.matrix.means)
        if zh:
            ways = f"共有 {n} 种组合" if self.complete else f"至少有 {n} 种组合"
            spent = "" if self.counted else f"，成本 {self.cost:,.2f}"
            said = f"{of} 种手段中 {size} 种即可达到同样覆盖{spent}，{ways}；每种组合都含：{needed or '无'}。"
        else:
            ways = ("in one way" if n == 1 else f"in {n} ways") if self.complete else f"in {n} ways at least"
            spent = "" if self.counted else f" at a cost of {self.cost:,.2f}"
            said = f"{size} of {of} means cover as much{spent}, {ways}; in every set: {needed or 'none'}."
        remarks = sentences(self.matrix.remarks(), self.language)
        return ("" if zh else " ").join(filter(None, [said, remarks]))

    def _listed(self, ids: Any, language: str) -> str:
        words = self.matrix.words
        return ("、" if language == "zh" else ", ").join(say(words[each], language) for each in ids)


def smallest_set(
    matrix: ListeningMatrix, *, wanted: Wanted = "best", costs: Mapping[str, float] | None = None, most: int = 200
) -> SmallestSets:
    """The fewest (or cheapest) means that keep every segment's level, and every such set.

    Parameters
    ----------
    matrix : ListeningMatrix
    wanted : "best", the level that all means together reach; "fully"; or "medium", at least in part
    costs : what each means costs, above 0; by default all cost the same
    most : sets that are listed; where there are more, the result says "at least"

    Returns
    -------
    SmallestSets

    Raises
    ------
    SpecError
        If costs name unknown means, leave some out or aren't above 0, or no segment can reach the level.

    Notes
    -----
    A set covering problem, solved exactly (integer programming, HiGHS; see :func:`smallest_covers`). Often several sets are
    equally small: a means that stands in all of them is needed, one that stands in some is a choice.

    References
    ----------
    Karp (1972), Reducibility among combinatorial problems, in Complexity of Computer Computations, 85-103,
    doi:10.1007/978-1-4684-2001-2_9. Checked against enumeration of all subsets (tests/test_listening.py).

    Examples
    --------
    >>> from servqual.listening import load_listening_matrix
    >>> found = smallest_set(load_listening_matrix("illustrative"))
    >>> found.size, len(found.sets), found.complete
    (4, 8, True)
    """
    check_choice("wanted", wanted, Wanted)
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise SpecError(f"most={most!r} is not a whole number of 1 or more.")
    cells, ids = matrix.cells, [each.id for each in matrix.means]
    price = _prices(ids, costs)
    best = cells.max(axis=0)
    level = best if wanted == "best" else np.full(len(best), {"fully": 2, "medium": 1}[wanted])
    within = (best >= level) & (best > LITTLE)
    names = [each.id for each in matrix.segments]
    if not within.any():
        raise SpecError(f"no segment of '{matrix.id}' is covered {say(LEVELS[int(level.max())], 'en')} by any means.")
    found, complete = smallest_covers(cells[:, within] >= level[within], price, most)
    held = np.array([sum(k in each for each in found) for k in range(len(ids))])
    frame = pd.DataFrame({
        "kind": [each.kind for each in matrix.means], "means": ids, "cost": price, "n_sets": held, "share": held / len(found),
        "role": np.select([held == len(found), held > 0], ["all", "some"], "none"),
    })  # fmt: skip
    return SmallestSets(
        frame, matrix.language, matrix=matrix, wanted=wanted, sets=tuple(tuple(ids[k] for k in each) for each in found),
        complete=complete, cost=float(price[list(found[0])].sum()), counted=costs is None,
        reached={name: int(at) for name, at, known in zip(names, level, within, strict=True) if known},
        out_of_reach=tuple(name for name, known in zip(names, within, strict=True) if not known),
    )  # fmt: skip


def _prices(ids: list[str], costs: Mapping[str, float] | None) -> Array:
    """(means,) costs, refused where they can't be."""
    if costs is None:
        return np.ones(len(ids))
    faults = [f"'{name}' is no means" for name in costs if name not in ids]
    faults += [f"'{name}' has no cost" for name in ids if name not in costs]
    faults += [f"'{name}' costs {value!r}, not an amount above 0" for name, value in costs.items()
               if not (isinstance(value, (int, float)) and 0 < value < np.inf)]  # fmt: skip
    if faults:
        raise SpecError(f"costs can't be used: {'; '.join(faults)}.")
    return np.array([float(costs[name]) for name in ids])
