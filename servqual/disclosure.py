"""May this table be shown? Cells with too few people are blanked, and so are those from which they could be worked out.

A mean of three customers of one store says what they said. Such a row is blanked (*primary* suppression). That is not
enough: where the total is known too, the blanked number is the total minus the others, for bases at once and for means
after multiplying (``n × mean`` adds up). So further cells are blanked (*complementary* suppression) until nothing narrow
can be worked out.

References
----------
Hundepool et al. (2012), Statistical Disclosure Control, Wiley, doi:10.1002/9781118348239. Gusfield (1988), A graph
theoretic approach to statistical data security, SIAM Journal on Computing 17, 552-571, doi:10.1137/0217034.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_columns
from survey_design.results import Column, Language, Result, Text

Array = NDArray[Any]

SUPPRESSED: Mapping[str, Text] = {
    "suppressed": {
        "en": "suppressed: too few answers, or others could be worked out from it",
        "zh": "已隐去：样本量过小，或可据此推算其他样本量过小的数值",
    }
}
WHY: Mapping[str, Text] = {
    "primary": {"en": "base under the minimum", "zh": "样本量低于下限"},
    "complementary": {"en": "to protect another cell", "zh": "为保护其他单元格"},
}
_REST = -1  # the row of those whom the total counts and no listed group does


@dataclass(frozen=True, eq=False, repr=False)
class Suppression(Result):
    """Which cells were blanked and why: for the study's own files, not for publication.

    Frame columns: the split and measure columns, then ``why`` (primary or complementary), ``low`` and ``high`` (bounds
    of the base that a reader can still work out), ``protected``. Only :meth:`sentence` is meant for readers: to know
    that a cell is primary is to know that its base is small.
    """

    by: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    minimum: int = 5
    n_cells: int = 0
    measures: frozenset[tuple[Any, ...]] = frozenset()

    def title(self) -> str:
        return "隐去的单元格（仅供内部）" if self.language == "zh" else "Suppressed cells (not for publication)"

    def columns(self) -> tuple[Column, ...]:
        truth: dict[Any, Text] = {True: {"en": "yes", "zh": "是"}, False: {"en": "no", "zh": "否"}}
        return (
            *(Column(name, {"en": name}) for name in (*self.by, *self.within)),
            Column("why", {"en": "why", "zh": "原因"}, "text", WHY),
            Column("low", {"en": "base at least", "zh": "样本量至少"}, "count"),
            Column("high", {"en": "base at most", "zh": "样本量至多"}, "count"),
            Column("protected", {"en": "protected", "zh": "已受保护"}, "text", truth),
        )

    @property
    def n_exposed(self) -> int:
        """Small cells that a reader can still narrow down: the totals give them away."""
        return int((~self.frame["protected"]).sum())

    def note(self) -> str:
        exposed = self.n_exposed
        if self.language == "zh":
            said = "至少与至多：读者由公布的数值与合计仍可推算的样本量范围。"
            return said + (f"{exposed} 格仍可由合计推知：请合并组别，或不公布合计。" if exposed else "")
        said = (
            "At least and at most: what a reader can still work out about a base from what is published and its totals."
        )
        cells = "1 cell is" if exposed == 1 else f"{exposed} cells are"
        return said + (f" {cells} given away by the totals: merge groups, or publish no total." if exposed else "")  # fmt: skip

    def sentence(self) -> str:
        """How much was blanked, in one sentence that may be published."""
        n = len(self.frame)
        if self.language == "zh":
            if not n:
                return f"各单元格样本量均不低于 {self.minimum}，无隐去。"
            return f"为保护受访者，{self.n_cells:,} 个单元格中隐去 {n:,} 个（样本量低于 {self.minimum}，或可推算出此类单元格）。"
        if not n:
            return f"No cell rests on fewer than {self.minimum} answers; none was suppressed."
        are = "is" if n == 1 else "are"
        return (
            f"To protect respondents {n:,} of {self.n_cells:,} cells {are} suppressed: they rest on fewer than "
            f"{self.minimum} answers, or would show others that do."
        )


# --- verbs -------------------------------------------------------------------------------------------------


def suppress_small_cells(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str],
    n: str | Sequence[str] = "n",
    within: str | Sequence[str] = (),
    minimum: int = 5,
    values: Sequence[str] | None = None,
    total: pd.DataFrame | None = None,
    language: Language = "en",
) -> tuple[pd.DataFrame, Suppression]:
    """A table split by one or two columns, without the cells that could give respondents away.

    Parameters
    ----------
    frame : tidy table, one row per group and measure; it is not changed
    by : the one or two columns whose values are the groups
    n : column of the base, or several (``n`` and ``n_expectation``): a row is small where any of them is
    within : columns that name the measure (``"dimension"``); each measure is a table of its own
    minimum : smallest base that may be shown. 5 is common for answers about service; some clients ask for 10.
    values : columns blanked in a suppressed row; all but ``by`` and ``within`` unless given, for a verdict in words such
        as "below the zone" says what its numbers would. Bases always are.
    total : the table of everybody together, with the columns ``within`` and ``n``, where one column splits.
        Without it the groups are taken to add up to a total that readers know.
    language : language in which the result shows itself

    Returns
    -------
    frame : the same rows in the same order; suppressed ones hold their keys alone and ``reason`` is ``"suppressed"``.
        Primary and complementary cells look alike.
    Suppression
        Which cells, why, and what a reader can still work out about each base.

    Notes
    -----
    Totals are taken as published: of everybody for one column, also of each row and column for two. A margin whose base
    is itself under the minimum is taken to be suppressed by this function in its own table.

    **What protected means.** A small cell counts as protected if its base could be anything from 1 to ``minimum`` or
    more, for a reader who knows all that is shown, the totals, and that a blank is not zero. Cells are edges between
    their row and their column; along a cycle of blanked cells people can be moved, plus one, minus one, without changing
    a total (Gusfield 1988). If every other cell of the cycle holds ``minimum`` or more, the small cell can be lowered to
    1 and raised by ``minimum - 1``, so it is protected. The cycle that blanks the fewest answers is looked up by shortest
    paths; with one split column it is simply the smallest other group. The bounds in the result are computed afresh, as
    maximum flows. Blanking more cells never uncovers one, so several bases and measures can be treated one after another;
    groups that are already blanked for one measure are preferred for the next.

    Empty cells (base 0) are shown: nobody is in them. ``total`` also closes the way around: if it counts a few people
    whom no group does, they are the difference, and a group is blanked to hide them; if it counts many, they already
    hide a small group.

    What is not covered: readers who know a cell's only respondent, or how many stayed away; tables of other waves, or of
    the same people split by a third column. Weighted means are treated like unweighted ones. The measures of a table are
    protected one by one; a reader may guess a base from another measure's.

    Checked: against every table of whole numbers that agrees with what is shown (small tables), against integer
    programmes on random tables and their suppressed margins, and on the counter-example of R's sdcTable, where two
    blanked cells in every row and column still give one away.

    Raises
    ------
    SpecError
        If ``minimum`` is no whole number of 2 or more, or there are more than two split columns.
    DataError
        If columns are missing, a group occurs twice in a measure, bases are no whole numbers, or groups exceed the total.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"tier": ["flagship", "core", "corner", "kiosk"], "n": [40, 25, 9, 3], "gap": [-0.4, -0.8, -1.1, -2]}
    ... )
    >>> shown, suppressed = suppress_small_cells(table, by="tier")
    >>> shown["gap"].tolist(), shown["n"].tolist()
    ([-0.4, -0.8, nan, nan], [40, 25, <NA>, <NA>])
    >>> suppressed.frame[["tier", "why", "low", "high"]].values.tolist()
    [['corner', 'complementary', 1, 11], ['kiosk', 'primary', 1, 11]]
    """
    split, bases, measures = _names(by), _names(n), _names(within)
    _check(frame, split, bases, measures, minimum, values, total)
    tables = _tables(frame, split, measures)
    hidden = np.zeros(len(frame), dtype=bool)
    primary = _is_small(frame, bases, minimum)
    cost = _mean_base(frame, split, bases[0])
    for base in bases:
        for measure, rows in tables.items():
            table = _Table.of(frame, rows, split, base, _rest(frame, rows, base, measure, measures, total))
            chosen = table.pattern(primary[rows] | hidden[rows], cost[rows], minimum)
            hidden[rows] |= chosen
            cost[_same_groups(frame, split, rows[chosen])] *= 1e-3  # the next measure blanks the same groups
    bounds = _all_bounds(frame, tables, split, bases, measures, hidden, minimum, total)
    audit = _audit(frame, split, measures, hidden, primary, bounds, minimum)
    shown = _blanked(frame, hidden, _value_columns(frame, split, measures, bases, values))
    named = frozenset(_keys(frame, measures))
    return shown, Suppression(audit, language, split, measures, minimum, len(frame), named)


def suppress_comparisons(
    frame: pd.DataFrame,
    suppression: Suppression,
    *,
    groups: Sequence[str],
    values: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Differences between groups, blanked where one of the groups is suppressed in the table itself.

    A difference and the one group that is shown give the other group away.

    Parameters
    ----------
    frame : table of differences; it is not changed
    suppression : what :func:`suppress_small_cells` blanked in the table of the groups
    groups : the columns of ``frame`` that hold values of the compared split column: ``["tier", "against"]``. Other
        split columns and the measure columns must have the same names in both tables. A measure that the table of
        the groups did not hold (a total beside dimensions) is blanked where the group is for any measure.
    values : columns to blank; unless given all but the first text columns that tell the rows apart

    Examples
    --------
    >>> table = pd.DataFrame({"tier": ["a", "b", "c"], "n": [40, 9, 3], "gap": [-0.4, -1.1, -2]})
    >>> differences = pd.DataFrame({"tier": ["a", "a"], "against": ["b", "c"], "difference": [0.7, 1.6]})
    >>> _, suppressed = suppress_small_cells(table, by="tier")
    >>> suppress_comparisons(differences, suppressed, groups=["tier", "against"])["reason"].tolist()
    ['suppressed', 'suppressed']
    """
    compared = next((name for name in suppression.by if name in groups), "")
    if not compared:
        raise SpecError(
            f"groups={list(groups)!r} names no split column of the suppressed table ({', '.join(suppression.by)})."
        )
    check_columns(groups, frame.columns, "the table of differences")
    beside = [name for name in suppression.by if name != compared and name in frame.columns]
    within = [name for name in suppression.within if name in frame.columns]
    listed = suppression.frame
    exact, any_measure = set(_keys(listed, [compared, *beside, *within])), set(_keys(listed, [compared, *beside]))
    known = suppression.measures if len(within) == len(suppression.within) else frozenset()
    unknown = np.array([key not in known for key in _keys(frame, within)], dtype=bool)
    hidden = np.zeros(len(frame), dtype=bool)
    for column in groups:
        hidden |= [key in exact for key in _keys(frame, [column, *beside, *within])]
        hidden |= unknown & [key in any_measure for key in _keys(frame, [column, *beside])]
    labels = _labels(frame, [*groups, *beside, *within])
    return _blanked(frame, hidden, _value_columns(frame, tuple(labels), (), (), values))


# --- checks ------------------------------------------------------------------------------------------------


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check(
    frame: pd.DataFrame,
    by: tuple[str, ...],
    bases: tuple[str, ...],
    within: tuple[str, ...],
    minimum: int,
    values: Sequence[str] | None,
    total: pd.DataFrame | None,
) -> None:
    if isinstance(minimum, bool) or not isinstance(minimum, (int, np.integer)) or minimum < 2:
        raise SpecError(f"minimum={minimum!r} must be a whole number of 2 or more; 5 and 10 are usual.")
    if not 1 <= len(by) <= 2:
        raise SpecError(
            f"by={list(by)!r}: tables split by one or two columns can be protected. Suppress each pair by itself."
        )
    if total is not None and len(by) != 1:
        raise SpecError("total= goes with one split column; with two, the margins are taken as published.")
    check_columns([*by, *bases, *within, *(values or ())], frame.columns, "the table")
    _check_bases(frame, bases, "the table")
    keys = [*by, *within]
    twice = frame.duplicated(keys, keep=False).to_numpy()
    if twice.any():
        cases = frame.loc[twice, keys].assign(problem="group occurs twice")
        raise DataError(f"{int(twice.sum())} rows share {', '.join(keys)}. Name the columns that tell the measures apart: "
                        "within='dimension'.", cases)  # fmt: skip
    if total is not None:
        check_columns([*bases, *within], total.columns, "the total")
        _check_bases(total, bases, "the total")


def _check_bases(frame: pd.DataFrame, bases: tuple[str, ...], where: str) -> None:
    for name in bases:
        n = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        with np.errstate(invalid="ignore"):
            wrong = ~((n >= 0) & (n == np.floor(n)) & np.isfinite(n))
        if wrong.any():
            cases = pd.DataFrame({"row": np.flatnonzero(wrong), "column": name, "value": frame[name].to_numpy()[wrong],
                                  "problem": "no whole number"})  # fmt: skip
            raise DataError(f"{where}: {int(wrong.sum())} bases in '{name}' are no whole numbers of respondents. "
                            "Give unweighted counts.", cases)  # fmt: skip


# --- tables ------------------------------------------------------------------------------------------------


def _is_small(frame: pd.DataFrame, bases: Sequence[str], minimum: int) -> Array:
    """(rows,) whether any base has somebody in it, but too few."""
    counts = np.stack([frame[name].to_numpy(dtype=float) for name in bases], axis=1)
    return np.asarray(((counts > 0) & (counts < minimum)).any(axis=1))


def _keys(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of some columns, row by row."""
    return list(zip(*(frame[name] for name in names), strict=True)) if names else [()] * len(frame)


def _codes(frame: pd.DataFrame, names: Sequence[str]) -> Array:
    """(rows,) one number per combination of values, in order of appearance; blanks are a value."""
    if not names:
        return np.zeros(len(frame), dtype=int)
    return frame.groupby(list(names), sort=False, dropna=False, observed=True).ngroup().to_numpy()


def _tables(frame: pd.DataFrame, by: tuple[str, ...], within: tuple[str, ...]) -> dict[int, Array]:
    """Positions of the rows of each measure."""
    codes = _codes(frame, within)
    return {int(code): np.flatnonzero(codes == code) for code in dict.fromkeys(codes)}


def _mean_base(frame: pd.DataFrame, by: tuple[str, ...], base: str) -> Array:
    """(rows,) mean base of the row's group over all measures: what blanking the group costs."""
    counts = pd.Series(frame[base].to_numpy(dtype=float))
    return counts.groupby(_codes(frame, by)).transform("mean").to_numpy().copy()


def _same_groups(frame: pd.DataFrame, by: tuple[str, ...], rows: Array) -> Array:
    codes = _codes(frame, by)
    return np.isin(codes, codes[rows])


def _rest(
    frame: pd.DataFrame, rows: Array, base: str, measure: int, within: tuple[str, ...], total: pd.DataFrame | None
) -> int:
    """How many people the total counts whom no group of this measure does."""
    if total is None or not len(rows):
        return 0
    key = frame.iloc[rows[0]][list(within)].tolist()
    same = np.all([total[name] == value for name, value in zip(within, key, strict=True)], axis=0)
    match = total[same] if within else total
    named = ", ".join(map(str, key)) or "the table"
    if len(match) != 1:
        raise DataError(f"the total has {len(match)} rows for {named}; exactly one is needed.")
    rest = int(match[base].iloc[0]) - int(frame[base].iloc[rows].sum())
    if rest < 0:
        raise DataError(f"the groups of {named} hold {-rest} more answers than the total: these are not the same data.")
    return rest


@dataclass(frozen=True, eq=False)
class _Table:
    """One measure as a graph: each cell with somebody in it is an edge between its row and its column.

    Attributes
    ----------
    cells : (k,) positions of the cells in the measure's rows; ``_REST`` for those whom only the total counts
    rows, columns : (k,) the nodes each cell lies between; a known total belongs to each
    n : (k,) bases
    size : rows of the measure
    """

    cells: Array
    rows: Array
    columns: Array
    n: Array
    size: int

    @classmethod
    def of(cls, frame: pd.DataFrame, places: Array, by: tuple[str, ...], base: str, rest: int) -> _Table:
        part = frame.iloc[places]
        n = part[base].to_numpy(dtype=float)
        cells = np.flatnonzero(n > 0)
        if len(by) == 1:  # all groups lie between nothing and the total
            rows = columns = np.zeros(len(cells), dtype=int)
        else:
            rows, columns = (_codes(part, [name])[cells] for name in by)
        n = n[cells]
        if rest:
            cells, n = np.append(cells, _REST), np.append(n, float(rest))
            rows = columns = np.zeros(len(cells), dtype=int)
        return cls(cells, rows, columns, n, len(part))

    def without_small_margins(self, minimum: int) -> _Table:
        """The nodes whose totals are suppressed themselves melted into one: only their sum is known."""
        return _Table(
            self.cells,
            _melted(self.rows, self.n, minimum),
            _melted(self.columns, self.n, minimum),
            self.n,
            self.size,
        )

    def pattern(self, hidden: Array, cost: Array, minimum: int) -> Array:
        """(size,) the cells to blank, given those that are blanked anyway."""
        graph = self.without_small_margins(minimum)
        listed = graph.cells != _REST
        off = np.where(listed, hidden[graph.cells], True)
        small = graph.n < minimum
        off |= small
        price = np.where(listed, cost[graph.cells], 0.0)
        for edge in np.flatnonzero(small)[np.argsort(-graph.n[small], kind="stable")].tolist():
            low, high = graph.bounds(edge, np.ones_like(off))  # at best: where even this is narrow, totals give it away
            while not graph.reaches(edge, off, max(low, 1), min(high, minimum)):
                off[graph._cycle(edge, off, price, minimum)] = True
        result = np.zeros(self.size, dtype=bool)
        result[graph.cells[off & listed]] = True
        return result

    def reaches(self, edge: int, hidden: Array, least: int, most: int) -> bool:
        """Whether the base of a blanked cell could be as small and as large as that, for all a reader knows."""
        low, high = self.bounds(edge, hidden)
        return low <= least and high >= most

    def bounds(self, edge: int, hidden: Array) -> tuple[int, int]:
        """The smallest and the largest base of a blanked cell that agree with all that is known."""
        return _reach(self.rows[hidden], self.columns[hidden], self.n[hidden], int(hidden[:edge].sum()))

    def _cycle(self, edge: int, hidden: Array, price: Array, minimum: int) -> Array:
        """Edges to blank so that the small one lies on a cycle of large ones; failing that of others, or the cheapest nearby."""
        others = np.arange(len(self.n)) != edge
        for least in (minimum, 2):
            found = _path(self, edge, others & (self.n >= least), np.where(hidden, 1e-9, 1e-6 + price))
            fresh = np.array([e for e in found if not hidden[e]], dtype=int)
            if len(fresh):
                return fresh
        left = np.flatnonzero(~hidden)
        near = (self.rows[left] == self.rows[edge]) | (self.columns[left] == self.columns[edge])
        return left[np.lexsort((price[left], ~near))[:1]]


def _melted(nodes: Array, n: Array, minimum: int) -> Array:
    """Nodes with suppressed totals as one node. The totals are a table split by one column."""
    if not len(nodes) or not nodes.any():
        return nodes
    nodes = np.unique(nodes, return_inverse=True)[1]  # a group without anybody has no total to suppress
    totals = np.bincount(nodes, weights=n)
    one = np.zeros(len(totals), dtype=int)
    margin = _Table(np.arange(len(totals)), one, one, totals, len(totals))
    hidden = margin.pattern(np.zeros(len(totals), dtype=bool), totals, minimum)
    return np.where(hidden[nodes], np.flatnonzero(hidden)[0] if hidden.any() else 0, nodes)


def _path(graph: _Table, edge: int, usable: Array, price: Array) -> list[int]:
    """The cheapest edges that lead from the edge's row back to its column; empty where there is no way."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    width = int(graph.rows.max()) + 1
    size = width + int(graph.columns.max()) + 1
    chosen = np.flatnonzero(usable)
    chosen = chosen[np.argsort(-price[chosen], kind="stable")]  # of parallel edges the cheapest is written last
    cheapest = {(int(graph.rows[e]), width + int(graph.columns[e])): int(e) for e in chosen}
    if not cheapest:
        return []
    starts, ends = np.array(list(cheapest)).T
    weights = csr_matrix((price[list(cheapest.values())], (starts, ends)), shape=(size, size))
    row, column = int(graph.rows[edge]), width + int(graph.columns[edge])
    distance, before = dijkstra(weights, directed=False, indices=row, return_predecessors=True)
    if not np.isfinite(distance[column]):
        return []
    steps, node = [], column
    while node != row:
        steps.append(cheapest[(min(node, int(before[node])), max(node, int(before[node])))])
        node = int(before[node])
    return steps


def _reach(rows: Array, columns: Array, n: Array, edge: int) -> tuple[int, int]:
    """Smallest and largest base of one blanked cell, each being 1 or more, given the sums per row and column.

    To raise it by one, people leave another cell of its row, enter a cell of the column they left, and so on until they
    leave a cell of its own column: a flow from its row to its column, limited by what the cells can spare.
    """
    others = np.arange(len(n)) != edge
    ends = int(rows[edge]), int(columns[edge])
    spare, plenty = n[others] - 1, np.full(others.sum(), n.sum())
    rise = _flow(rows[others], columns[others], spare, plenty, ends)
    fall = _flow(rows[others], columns[others], plenty, spare, ends)
    return int(n[edge] - min(fall, n[edge] - 1)), int(n[edge] + rise)


def _flow(rows: Array, columns: Array, forward: Array, backward: Array, ends: tuple[int, int]) -> int:
    """The largest flow from a row to a column, over cells with capacities from row to column and back."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    width = max(int(rows.max(initial=0)), ends[0]) + 1
    size = width + max(int(columns.max(initial=0)), ends[1]) + 1
    starts, stops = np.append(rows, columns + width), np.append(columns + width, rows)
    capacities = csr_matrix((np.append(forward, backward).astype(np.int32), (starts, stops)), shape=(size, size))
    return int(maximum_flow(capacities, ends[0], width + ends[1]).flow_value)


# --- what is handed back -----------------------------------------------------------------------------------


def _all_bounds(
    frame: pd.DataFrame,
    tables: Mapping[int, Array],
    by: tuple[str, ...],
    bases: tuple[str, ...],
    within: tuple[str, ...],
    hidden: Array,
    minimum: int,
    total: pd.DataFrame | None,
) -> tuple[Array, Array, Array]:
    """(rows,) bounds of the first base of blanked cells, and whether every small base of the row is protected."""
    low, high = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    protected = np.ones(len(frame), dtype=bool)
    for base in reversed(bases):  # the first base's bounds are those that stay
        for measure, rows in tables.items():
            table = _Table.of(frame, rows, by, base, _rest(frame, rows, base, measure, within, total))
            graph = table.without_small_margins(minimum)
            off = np.where(graph.cells == _REST, True, hidden[rows][graph.cells])
            for edge in np.flatnonzero(off & (graph.cells != _REST)).tolist():
                row = rows[graph.cells[edge]]
                low[row], high[row] = graph.bounds(edge, off)
                if graph.n[edge] < minimum:
                    protected[row] &= low[row] <= 1 and high[row] >= minimum
    return low, high, protected


def _audit(
    frame: pd.DataFrame,
    by: tuple[str, ...],
    within: tuple[str, ...],
    hidden: Array,
    primary: Array,
    bounds: tuple[Array, Array, Array],
    minimum: int,
) -> pd.DataFrame:
    low, high, protected = bounds
    audit = frame.loc[hidden, [*by, *within]].reset_index(drop=True)
    audit["why"] = np.where(primary[hidden], "primary", "complementary")
    audit["low"] = pd.array(low[hidden], dtype="Int64")
    audit["high"] = pd.array(high[hidden], dtype="Int64")
    audit["protected"] = protected[hidden]
    return audit


def _value_columns(
    frame: pd.DataFrame,
    by: tuple[str, ...],
    within: tuple[str, ...],
    bases: tuple[str, ...],
    values: Sequence[str] | None,
) -> list[str]:
    if values is not None:
        check_columns(values, frame.columns, "the table")
        return list(dict.fromkeys([*values, *bases]))
    return [name for name in frame.columns if name not in (*by, *within, "reason")]


def _labels(frame: pd.DataFrame, known: Sequence[str]) -> list[str]:
    """The columns that say which row it is: those known, and further texts from the left until no two rows agree."""
    labels = list(known)
    for name in frame.columns:
        if not frame.duplicated(labels).any():
            break
        if name not in (*labels, "reason") and not pd.api.types.is_numeric_dtype(frame[name]):
            labels.append(name)
    return labels


def _blanked(frame: pd.DataFrame, hidden: Array, names: Sequence[str]) -> pd.DataFrame:
    """A copy in which the named columns are missing where hidden; whole numbers stay whole elsewhere."""
    shown = frame.copy()
    if hidden.any():
        for name in names:
            cells = shown[name]
            if pd.api.types.is_bool_dtype(cells):
                cells = cells.astype("boolean")
            elif pd.api.types.is_integer_dtype(cells):
                cells = cells.astype("Int64")
            elif not pd.api.types.is_numeric_dtype(cells):
                texts = pd.api.types.infer_dtype(cells, skipna=True) == "string"
                cells = cells.astype(object).mask(hidden, "" if texts else None)
            shown[name] = cells.mask(hidden) if pd.api.types.is_numeric_dtype(cells) else cells
    if "reason" not in shown.columns:
        shown["reason"] = ""
    if hidden.any():
        shown["reason"] = shown["reason"].astype(object).mask(hidden, "suppressed")
    return shown
