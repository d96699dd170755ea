"""What may a report show of small groups? The groups that are left out, and every table without them.

A group whose base is under the minimum in any measure is left out of all tables, comparisons, sentences and pictures of
its split, and so are groups from which it could be worked out (:mod:`servqual.disclosure`). Whole groups: a blanked
dimension would follow from the other dimensions and their mean. Splits of the same people are looked at together, for
a store's tier is known to everybody: two tables that are safe alone may give a group away side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.results import Result, Text

if TYPE_CHECKING:
    from servqual.comparison import Comparison
    from servqual.disclosure import Suppression
    from servqual.gaps import GapScores, GapTable, PerformanceScores, PerformanceTable
    from servqual.measures import Missing
    from servqual.responses import Responses
    from servqual.stores import StoreEstimates
    from servqual.tolerance import ToleranceScores

Array = NDArray[Any]
Group = tuple[Any, ...]
Shown = TypeVar("Shown", bound=Result)
Remarked = TypeVar("Remarked", "GapTable", "PerformanceTable", "StoreEstimates")

_ROUNDING = 1e-6
_NOBODY: frozenset[Group] = frozenset()


@dataclass(frozen=True, eq=False)
class Split:
    """One way of splitting respondents into groups, as far as its bases go.

    Attributes
    ----------
    by : the split columns
    cells : DataFrame with the split columns, ``measure``, and the bases
    bases : bases that add up over the groups
    shared : bases that serve several groups at once, as a common expectation survey does
    within : column of a coarser split whose groups' totals readers know
    total : bases of everybody together, per ``measure``
    people : (n,) the group of every respondent, by which splits are held beside each other
    file : number of the file they are in
    """

    by: tuple[str, ...]
    cells: pd.DataFrame
    bases: tuple[str, ...]
    shared: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    total: pd.DataFrame | None = None
    people: pd.Series | None = None
    file: int = 0

    def counts(self, measure: str, base: str) -> dict[Group, int]:
        """Base of every group with somebody in it."""
        part = self.cells[self.cells["measure"] == measure]
        return {group: int(n) for group, n in zip(_keys(part, self.by), part[base], strict=True) if n > 0}


def hidden_groups(splits: Sequence[Split], minimum: int) -> list[frozenset[Group]]:
    """The groups of each split that may not be shown.

    Examples
    --------
    >>> people = pd.Series([("a",)] * 9 + [("b",)] * 6 + [("c",)] * 2)
    >>> cells = pd.DataFrame({"tier": ["a", "b", "c"], "measure": "mean", "n": [9, 6, 2]})
    >>> [sorted(groups) for groups in hidden_groups([Split(("tier",), cells, ("n",), people=people)], 5)]
    [[('b',), ('c',)]]
    """
    if not minimum:
        return [_NOBODY for _ in splits]
    hidden = [_by_itself(split, minimum) for split in splits]
    if any(hidden):
        _hide_linked(splits, hidden, minimum)
    return [frozenset(groups) for groups in hidden]


def _by_itself(split: Split, minimum: int) -> set[Group]:
    """Groups that are suppressed in the tables of this split, in any measure."""
    from servqual.disclosure import suppress_small_cells

    within = ("measure", *split.within)
    _, found = suppress_small_cells(
        split.cells, by=split.by, n=split.bases, within=within, minimum=minimum, total=split.total
    )
    groups = set(_keys(found.frame, split.by))
    for base in split.shared:
        few = (split.cells[base] > 0) & (split.cells[base] < minimum)
        groups |= set(_keys(split.cells[few], split.by))
    return groups


# --- splits beside each other ------------------------------------------------------------------------------


def _hide_linked(splits: Sequence[Split], hidden: list[set[Group]], minimum: int) -> None:
    """Hides further groups until no small base can be worked out from all splits together.

    The smallest group that helps is taken; where none helps alone, the smallest of all.
    """
    links = list(_links(splits))
    if not links:
        return
    for measure, base in _measures(splits):
        table = _Linked(splits, links, measure, base)
        while narrow := table.narrow(hidden, minimum):
            candidates = table.shown(hidden)
            if not candidates:
                break
            helps = (each for each in candidates if not table.is_narrow(narrow, table.also(hidden, each), minimum))
            place, group = next(helps, candidates[0])
            hidden[place].add(group)


def _measures(splits: Sequence[Split]) -> list[tuple[str, str]]:
    found = [(measure, base) for split in splits for base in split.bases for measure in split.cells["measure"].unique()]
    return list(dict.fromkeys(found))


_Link = tuple[int, int, frozenset[Group], frozenset[Group]]  # two splits, and groups of both that hold the same people


def _links(splits: Sequence[Split]) -> Iterator[_Link]:
    """Sets of groups of two splits that hold the same people, as the stores of a tier do."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    coded = [None if split.people is None else pd.factorize(split.people) for split in splits]
    for a, b in combinations(range(len(splits)), 2):
        one, other = coded[a], coded[b]
        if one is None or other is None or splits[a].file != splits[b].file:
            continue
        (i, mine), (j, theirs) = one, other
        size = len(mine) + len(theirs)
        graph = coo_array((np.ones(len(i)), (i, j + len(mine))), shape=(size, size))
        count, part = connected_components(graph, directed=False)
        for k in range(count) if count > 1 else ():
            yield a, b, frozenset(mine[part[: len(mine)] == k]), frozenset(theirs[part[len(mine) :] == k])


@dataclass(frozen=True, eq=False)
class _Linked:
    """The bases of one measure in all splits: what a reader knows of them are sums."""

    splits: Sequence[Split]
    links: Sequence[_Link]
    measure: str
    base: str
    n: list[dict[Group, int]] = field(init=False)

    def __post_init__(self) -> None:
        counts = [split.counts(self.measure, self.base) if self.base in split.bases else {} for split in self.splits]
        object.__setattr__(self, "n", counts)

    def narrow(self, hidden: Sequence[set[Group]], minimum: int) -> tuple[int, Group] | None:
        """A small group whose base can be worked out; None if all are safe."""
        small = [(place, group) for place, counts in enumerate(self.n) for group, n in counts.items()
                 if n < minimum and group in hidden[place]]  # fmt: skip
        return next((each for each in small if self.is_narrow(each, hidden, minimum)), None)

    def is_narrow(self, cell: tuple[int, Group], hidden: Sequence[set[Group]], minimum: int) -> bool:
        """Whether a reader can tell that the base is above 1, or below the minimum, more than if nothing were shown."""
        everything = [set(counts) for counts in self.n]
        (low, high), (least, most) = self._bounds(cell, hidden), self._bounds(cell, everything)
        return low > max(least, 1) + _ROUNDING or high < min(most, minimum) - _ROUNDING

    def shown(self, hidden: Sequence[set[Group]]) -> list[tuple[int, Group]]:
        """Groups that are still shown, the smallest first."""
        rest = [(n, place, group) for place, counts in enumerate(self.n) for group, n in counts.items()
                if group not in hidden[place]]  # fmt: skip
        return [(place, group) for _, place, group in sorted(rest, key=lambda each: (each[0], each[1], str(each[2])))]

    def also(self, hidden: Sequence[set[Group]], cell: tuple[int, Group]) -> list[set[Group]]:
        return [groups | {cell[1]} if place == cell[0] else groups for place, groups in enumerate(hidden)]

    def _bounds(self, cell: tuple[int, Group], hidden: Sequence[set[Group]]) -> tuple[float, float]:
        """Smallest and largest base that agree with everything shown, by linear programming."""
        from scipy.optimize import linprog

        unknown = [(place, group) for place, counts in enumerate(self.n) for group in counts if group in hidden[place]]
        true = np.array([self.n[place][group] for place, group in unknown], dtype=float)
        rows = [[float(place == k) for place, _ in unknown] for k in range(len(self.splits))]
        for a, b, mine, theirs in self.links:
            if self.n[a] and self.n[b]:
                rows.append([float(p == a and g in mine) - float(p == b and g in theirs) for p, g in unknown])
        known, aim = np.array(rows), np.zeros(len(unknown))
        aim[unknown.index(cell)] = 1.0
        found = [linprog(sign * aim, A_eq=known, b_eq=known @ true, bounds=(1, None)) for sign in (1.0, -1.0)]
        return float(found[0].fun), float(-found[1].fun)


# --- the splits of a study ---------------------------------------------------------------------------------


def gap_split(scores: GapScores, overall: GapScores) -> Split:
    """The bases of gaps by group."""
    basis, two = scores.basis, "n_expectation" in scores.dimensions.frame
    letters = {"n": "P", "n_expectation": "E"} if two else {"n": "P"}
    additive = tuple(name for name, letter in letters.items() if letter in basis.own)
    file = 0 if "P" in basis.own else len(scores.responses.sides) - 1
    return Split(
        scores.by,
        _stacked(scores.dimensions, scores.total),
        additive,
        tuple(name for name in letters if name not in additive),
        total=_stacked(overall.dimensions, overall.total) if len(scores.by) == 1 else None,
        people=_people(scores.responses.sides[file], scores.by),
        file=file,
    )


def zone_split(scores: ToleranceScores, overall: ToleranceScores) -> Split:
    """The bases of zones of tolerance by group."""
    total = _stacked(overall.dimensions, overall.total) if len(scores.by) == 1 else None
    cells = _stacked(scores.dimensions, scores.total)
    return Split(scores.by, cells, ("n",), total=total, people=_people(scores.responses, scores.by))


def performance_split(scores: PerformanceScores, overall: PerformanceScores, responses: Responses) -> Split:
    """The bases of perceptions by group."""
    total = _stacked(overall, overall.total) if len(scores.by) == 1 else None
    cells = _stacked(scores, scores.total)
    return Split(scores.by, cells, ("n",), total=total, people=_people(responses, scores.by))


def store_split(stores: StoreEstimates, responses: Responses) -> Split:
    """The bases of store estimates; the totals of the groups they lie in are taken as known."""
    frame, two = stores.frame, "n_expectation" in stores.frame
    whole = stores.measure in ("mean", "sum", "weighted")
    cells = frame.assign(measure=f"{'total' if whole else 'dimension'}:{stores.measure}")
    within = (stores.within,) if stores.within else ()
    cells = cells.assign(**{name: cells[name].astype(str) for name in within})
    sides = list(responses.sides)
    own = [number for number, side in enumerate(sides) if stores.by in side.frame]
    bases = ("n", "n_expectation") if two and len(own) == 2 else ("n",) if own[0] == 0 else ("n_expectation",)
    shared = tuple(name for name in ("n", "n_expectation") if name in frame and name not in bases)
    people = _people(sides[own[0]], (stores.by,))
    return Split((stores.by,), cells, bases, shared, within, people=people, file=own[0])


def _stacked(*tables: Any) -> pd.DataFrame:
    """Dimensions and totals below each other, named by kind and id."""
    parts = [table.frame.assign(measure=[f"{table.what}:{key}" for key in table.frame[table.what]]) for table in tables]
    kept = [*tables[0].by, "measure", *(name for name in ("n", "n_expectation") if name in parts[0])]
    return pd.concat([part[kept] for part in parts], ignore_index=True)


def _people(side: Responses, by: Sequence[str]) -> pd.Series | None:
    """(n,) the group of each respondent of a file."""
    from servqual.measures import NOT_STATED

    if any(name not in side.frame for name in by):
        return None
    columns = [side.frame[name].astype(object).where(side.frame[name].notna(), NOT_STATED) for name in by]
    return pd.Series(list(zip(*columns, strict=True)), dtype=object)


def _keys(frame: pd.DataFrame, names: Sequence[str]) -> list[Group]:
    return list(zip(*(frame[name] for name in names), strict=True))


# --- tables without what may not be shown ------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SmallCells:
    """What a report shows of a study.

    Attributes
    ----------
    minimum : smallest base that is shown; 0 shows everything
    hidden : split columns -> the groups that are left out
    floors : split columns -> the smallest base that is shown there, where that is another one
    """

    minimum: int = 0
    hidden: Mapping[tuple[str, ...], frozenset[Group]] = field(default_factory=dict)
    floors: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        minimum: int,
        gaps: Sequence[GapScores],
        zones: Sequence[ToleranceScores],
        stores: StoreEstimates | None,
        responses: Responses,
        performance: Sequence[PerformanceScores] = (),
    ) -> SmallCells:
        """What must be left out of the tables of a study."""
        splits = [gap_split(scores, gaps[0]) for scores in gaps[1:]]
        splits += [zone_split(scores, zones[0]) for scores in zones[1:]]
        splits += [performance_split(scores, performance[0], responses) for scores in performance[1:]]
        floor = max(minimum, stores.minimum if stores is not None else 0)
        found = hidden_groups(splits, minimum)
        if stores is not None and minimum:
            splits.append(store_split(stores, responses))
            found = _with_stores(splits, found, minimum, floor)
        hidden: dict[tuple[str, ...], frozenset[Group]] = {}
        for split, groups in zip(splits, found, strict=False):
            hidden[split.by] = hidden.get(split.by, _NOBODY) | groups
        floors: dict[tuple[str, ...], int] = {(stores.by,): floor} if stores is not None else {}
        return cls(minimum, hidden, floors)

    def floor(self, by: Sequence[str]) -> int:
        """The smallest base that is shown in a split."""
        return self.floors.get(tuple(by), self.minimum)

    def groups(self, by: Sequence[str]) -> frozenset[Group]:
        """The groups of a split that are left out."""
        return self.hidden.get(tuple(by), _NOBODY)

    def gaps(self, scores: GapScores) -> GapScores:
        """The scores without what is left out; their notes speak of what is shown."""
        whole: dict[str, GapTable] = {name: getattr(scores, name) for name in ("dimensions", "items", "total")}
        tables = {name: self._gap_table(table) for name, table in whole.items()}
        if any(table is not whole[name] for name, table in tables.items()) or self.is_few(scores.items.frame).any():
            told = ("dimensions", "total") if scores.by else tuple(tables)  # items of groups are in no report
            frames = [tables[name].frame for name in told]
            base = base_of(frames, scores.responses, scores.basis.missing, paired=scores.basis.paired)
            tables = {name: replace(table, remarks=(base, *table.remarks[1:])) for name, table in tables.items()}
            tables = {name: _reason_once(table) for name, table in tables.items()}
        stacked = [tables["dimensions"].frame, tables["total"].frame.rename(columns={"total": "dimension"})]
        for name in ("dimensions", "items"):  # have no weighted total to speak of
            kept = tuple(each for each in tables[name].remarks if not each["en"].startswith("weighted total: "))
            tables[name] = replace(tables[name], remarks=kept)
        rest: dict[str, Any] = dict(tables)
        if not scores.by:
            rest |= {
                "diagnostics": self.few(scores.diagnostics, ["dimension"]),
                "effects": self.few(scores.effects, ["kind", "measure"]),
            }
        return replace(scores, frame=pd.concat(stacked).reset_index(drop=True), **rest)

    def performance(self, scores: PerformanceScores, responses: Responses, missing: Missing) -> PerformanceScores:
        """Perceptions without what is left out; their notes speak of what is shown."""
        whole: tuple[PerformanceTable, ...] = (scores, scores.items, scores.total)
        if scores.by:
            tables = tuple(self.split(table, table.by) for table in whole)
        else:
            tables = tuple(self.few(table, [table.what]) for table in whole)
        if any(table is not old for table, old in zip(tables, whole, strict=True)):
            told = [table.frame for table in tables if not (scores.by and table.what == "item")]
            base = base_of(told, responses, missing)
            tables = tuple(_reason_once(replace(table, remarks=(base, *table.remarks[1:]))) for table in tables)
        shown, items, total = tables
        return replace(scores, frame=shown.frame, remarks=shown.remarks, items=items, total=total)

    def _gap_table(self, table: GapTable) -> GapTable:
        return self.split(table, table.by) if table.by else self.few(table, [table.what])

    def comparison(self, table: Comparison) -> Comparison:
        """Differences without those that involve a group that is left out."""
        from servqual.disclosure import suppress_comparisons

        by = tuple(column.name for column in table.by_columns)
        if not self.groups(by):
            return table
        listed = _listed(by, self.groups(by), self.minimum)
        return replace(table, frame=suppress_comparisons(table.frame, listed, groups=[table.by, "against"]))

    def split(self, table: Shown, by: Sequence[str]) -> Shown:
        """A table split by group, the rows of groups that are left out blanked."""
        return _blanked(table, by, self.groups(by), self.minimum)

    def few(self, table: Shown, keys: Sequence[str], bases: Sequence[str] = ("n", "n_expectation")) -> Shown:
        """A table of everybody, the rows under the minimum blanked."""
        return _blanked(table, keys, frozenset(_keys(table.frame[self.is_few(table.frame, bases)], keys)), self.minimum)

    def is_few(self, frame: pd.DataFrame, bases: Sequence[str] = ("n", "n_expectation")) -> pd.Series:
        """Rows that somebody answered, but too few."""
        few = pd.Series(False, index=frame.index)
        for name in bases:
            if name in frame:
                few |= (frame[name] > 0) & (frame[name] < self.minimum)
        return few

    def joint(self, scores: GapScores) -> frozenset[Group]:
        """The groups without a joint test that may be shown."""
        tests = zip(scores.basis.labels, scores.joint, strict=True)
        few = frozenset(tuple(label) for label, test in tests if 0 < test.n < self.minimum)
        return self.groups(scores.by) | few

    def stores(self, table: StoreEstimates, overall: GapScores | None) -> StoreEstimates:
        """Store estimates without those under the floor; where it is kept, there is no flag to show."""
        if not self.minimum:
            return table
        shown = self.split(table, (table.by,))
        told = tuple(remark for remark in table.remarks[1:] if "not for publication" not in remark["en"])
        paired = overall is not None and overall.basis.paired
        base = () if overall is None else (base_of([shown.frame], overall.responses, paired=paired),)
        return _reason_once(replace(shown, frame=shown.frame.drop(columns="flag"), remarks=(*base, *told)))


def _with_stores(
    splits: Sequence[Split], found: Sequence[frozenset[Group]], minimum: int, floor: int
) -> list[frozenset[Group]]:
    """The stores under their own floor, then all splits held beside each other."""
    hidden = [*map(set, found), _by_itself(splits[-1], floor)]
    if any(hidden):
        _hide_linked(splits, hidden, minimum)
    return [frozenset(groups) for groups in hidden]


def drawn(table: Shown, by: Sequence[str], small: SmallCells) -> Shown:
    """A table as it is drawn: without the rows that are left out."""
    hidden = small.groups(by) if by else _NOBODY
    frame = table.frame
    if by:
        kept = np.array([key not in hidden for key in _keys(frame, by)], dtype=bool)
    else:
        kept = (frame["reason"] != "suppressed").to_numpy(bool)
    return table if kept.all() else replace(table, frame=_plain(frame[kept]))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers as ordinary integers again, now that none is missing."""
    whole = {name: "int64" for name in frame if str(frame[name].dtype) == "Int64" and frame[name].notna().all()}
    return frame.astype(whole).reset_index(drop=True)


def _blanked(table: Shown, keys: Sequence[str], hidden: frozenset[Group], minimum: int) -> Shown:
    from servqual.disclosure import suppress_comparisons

    if not hidden:
        return table
    listed = _listed(keys, hidden, minimum)
    return replace(table, frame=suppress_comparisons(table.frame, listed, groups=[keys[0]]))


def _listed(by: Sequence[str], hidden: frozenset[Group], minimum: int) -> Suppression:
    """Whole groups as a suppression, whatever the measure."""
    from servqual.disclosure import Suppression

    frame = pd.DataFrame(sorted(hidden, key=str), columns=list(by), dtype=object)
    return Suppression(frame, by=tuple(by), minimum=minimum)


def _reason_once(table: Remarked) -> Remarked:
    """The table with a remark that all shown rows share said in the note, and not in each row again."""
    from servqual.inference import REASONS

    frame = table.frame
    shown = frame["reason"] != "suppressed"
    shared = set(frame["reason"][shown])
    if shown.all() or len(shared) != 1 or shared == {""}:
        return table
    words = REASONS[shared.pop()]
    said = {"en": f"all rows shown: {words['en']}", "zh": f"所示各行：{words['zh']}"}
    return replace(table, frame=frame.assign(reason=frame["reason"].where(~shown, "")), remarks=(*table.remarks, said))


def base_of(
    frames: Sequence[pd.DataFrame], responses: Responses, missing: Missing | None = None, *, paired: bool = False
) -> Text:
    """The remark on missing answers and bases, for the rows that are shown."""
    from servqual.measures import Missing, Row
    from servqual.remarks import base_remark

    n = np.concatenate([frame["n"].dropna().to_numpy(dtype=float) for frame in frames])
    rule = missing or Missing()
    if not len(n):
        return {language: rule.sentence(language, paired=paired) for language in ("en", "zh")}
    none = np.zeros_like(n)
    return base_remark(responses, [Row((), none, none, none, (), (), n, n)], rule, paired=paired)
