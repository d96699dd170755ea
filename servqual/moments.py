"""The waist: counts, sums and cross-products per sampling cell, computed once and added.

Almost every number of the field (a gap, an alpha, their errors) is a function of these. Two halves of
the data give two :class:`Moments` whose sum equals one pass over the whole.

Vocabulary used below: a row is the vector ``z = (1, m, x)``: a constant, one mask per group of columns
that go missing together (1 answered, 0 not), and the columns about a declared origin, 0 where missing.
A cell is a domain x stratum x cluster x subcluster. Per cell we keep three Gram matrices,
``count = sum zz'``, ``first = sum w zz'`` and ``second = sum w^2 zz'``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_columns
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
KEYS = ["source", "domain", "stratum", "cluster", "subcluster"]
POPULATION = ["clusters_in_population", "units_in_population"]

_CHUNK = 16_384  # rows of one product: about what the second-level cache holds
_HELD = 8  # parts whose sums wait to be added at a time
PART = 262_144  # rows that are sorted by cell together; fixed, so that results don't depend on how data arrive
NOT_STATED = "(not stated)"
EVERYONE = 0.0  # population of a cluster in which everyone answered, whatever their number
_MOST_CODES = 2**62  # combinations of labels that a whole number can tell apart
_LANES = 8  # columns that a processor multiplies at once in float32
_EXACT_FLOAT32 = 2**24  # sums of integers below this are exact in float32


@dataclass(frozen=True)
class Substitution:
    """Missing answers stand in for by the mean of the respondent's others in the group; a score is then that mean.

    Attributes
    ----------
    groups : positions of answers, one row a form, one column an item; an item missing in one form counts as missing in all
    minimum : share of a group's items that must be answered
    filled : (masks,) True where scores may rest on substitutes

    >>> rule = Substitution((((0, 1, 2),),), 0.5, (True,))
    >>> values, known = rule.apply(np.array([[6.0, 4.0, 0.0], [6.0, 0.0, 0.0]]), np.array([[1, 1, 0], [1, 0, 0]], bool))
    >>> values.tolist(), known.tolist()
    ([[6.0, 4.0, 5.0], [6.0, 0.0, 0.0]], [[True, True, True], [True, False, False]])
    """

    groups: tuple[tuple[tuple[int, ...], ...], ...]
    minimum: float
    filled: tuple[bool, ...] = ()

    def apply(self, values: Array, answered: Array) -> tuple[Array, Array]:
        """(n, k) values with substitutes, and which of them are known now; both are copies."""
        values, known = values.copy(), answered.copy()
        for group in self.groups:
            places = np.array(group)
            given: Array = np.asarray(answered[:, places].all(axis=1))
            number = np.asarray(given.sum(axis=1))
            enough = (number > 0) & (number >= self.minimum * places.shape[1] - 1e-9)
            lacking = (enough[:, None] & ~given)[:, None, :]
            total = (values[:, places] * given[:, None, :]).sum(axis=2)
            mean = total / np.maximum(number, 1)[:, None]
            values[:, places] = np.where(lacking, mean[:, :, None], values[:, places])
            known[:, places] |= lacking
        return values, known


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Rows first: how the columns that are summed follow from the columns that were answered.

    Score ``s`` of a respondent is ``sum_j weights[j, s] * answer_j / denominators[s]``, with whole-number
    weights, so that sums stay exact. It exists where every answer with a weight exists (and, for columns
    sharing a mask, where all of the others exist too).

    Attributes
    ----------
    answers : (k,) names of the answered columns
    scores : (s,) names of the summed columns
    weights : (k, s) whole numbers
    denominators : (s,)
    masks : (s,) the mask each score belongs to; scores with one name exist together or not at all
    origin : (k,) value subtracted from each answer before summing (the scale's midpoint)
    substitute : what stands in for missing answers of scores of several items; None where nothing does

    Examples
    --------
    >>> identity = ScoreMap.plain(["x", "y"])
    >>> identity.scores, identity.weights.tolist()
    (('x', 'y'), [[1, 0], [0, 1]])
    """

    answers: tuple[str, ...]
    scores: tuple[str, ...]
    weights: Array
    denominators: Array
    masks: tuple[str, ...]
    origin: Array
    substitute: Substitution | None = None

    @classmethod
    def plain(cls, columns: Sequence[str], origin: Sequence[float] | float = 0.0) -> ScoreMap:
        """Every column as it was answered."""
        k = len(columns)
        names = tuple(columns)
        return cls(
            names, names, np.eye(k, dtype=np.int64), np.ones(k), names, np.broadcast_to(np.asarray(origin, float), k)
        )

    def same_as(self, other: ScoreMap) -> bool:
        """True if both describe the same scores in the same units about the same origin."""
        mine, theirs = ((m.answers, m.scores, m.masks, m.substitute) for m in (self, other))
        return mine == theirs and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("weights", "denominators", "origin")
        )

    @cached_property
    def mask_names(self) -> tuple[str, ...]:
        """The masks, each once, in order of appearance."""
        return tuple(dict.fromkeys(self.masks))

    @cached_property
    def mask_of_score(self) -> Array:
        """(s,) position of each score's mask among :attr:`mask_names`."""
        order = {name: k for k, name in enumerate(self.mask_names)}
        return np.array([order[name] for name in self.masks], dtype=int)

    @property
    def score_origin(self) -> Array:
        """(s,) value of a score when every answer is at its origin."""
        return (self.origin @ self.weights) / self.denominators

    def needed(self) -> Array:
        """(k, masks) True where a mask needs an answer."""
        used = self.weights != 0
        owner = self.mask_of_score
        return np.stack([used[:, owner == k].any(axis=1) for k in range(len(self.mask_names))], axis=1)

    def lift(self, present: Array) -> Array:
        """(q, 1 + p) map to ``z`` from the constant and the centred answers of rows that hold just ``present``.

        Where everybody was asked the same p of the k answers and gave them, masks and scores are linear in them; scores
        that need another answer are 0 throughout.
        """
        masks = len(self.mask_names)
        known: Array = np.logical_not((self.needed() & ~present[:, None]).any(axis=0))
        lift = np.zeros((1 + masks + len(self.scores), 1 + int(present.sum())))
        lift[0, 0] = 1
        lift[1 : 1 + masks, 0] = known
        lift[1 + masks :, 1:] = self.weights[present].T * known[self.mask_of_score][:, None]
        return lift

    def rows(self, centred: Array, answered: Array) -> Array:
        """(n, q) rows ``z`` of respondents with gaps in their answers (``centred`` is 0 there)."""
        present, scores = self._scored(centred, answered)
        if self.substitute is not None:
            some_present, some_scores = self._scored(*self.substitute.apply(centred, answered))
            filled = np.array(self.substitute.filled)
            present = np.where(filled, some_present, present)
            scores = np.where(filled[self.mask_of_score], some_scores, scores)
        scores = scores * present[:, self.mask_of_score]
        return np.concatenate([np.ones((len(centred), 1)), present, scores], axis=1)

    def _scored(self, centred: Array, answered: Array) -> tuple[Array, Array]:
        """(n, masks) whether all that a mask needs is there, and (n, s) sums."""
        needed = self.needed().astype(np.float64)
        return (answered.astype(np.float64) @ needed) == needed.sum(axis=0), centred @ self.weights


@dataclass(frozen=True, eq=False)
class Cells:
    """Which cell every row belongs to.

    Attributes
    ----------
    table : one row a cell: ``source, domain, stratum, cluster, subcluster`` and population sizes
    code : (n,) row of the table for every row of the data

    Strata and clusters carry the name of their column, so that the same store in two files is one cluster and the
    store "1" never meets the region "1".

    >>> import pandas as pd
    >>> cells = Cells.of(pd.DataFrame({"store": list("aba")}), SampleDesign(clusters="store"))
    >>> cells.table["cluster"].tolist(), cells.code.tolist()
    (['store=a', 'store=b'], [0, 1, 0])
    """

    table: pd.DataFrame
    code: Array

    @classmethod
    def of(cls, frame: pd.DataFrame, design: SampleDesign, by: Sequence[str] = (), source: int = 0) -> Cells:
        """Cells of a frame under a design, split by the columns of ``by``."""
        named = [design.strata, *design.stages]
        code, starts = _distinct([frame[name] for name in dict.fromkeys((*named, *by)) if name], len(frame))
        first = frame.iloc[starts]
        tags = [[f"{name}={_plain(label)}" for label in first[name]] if name else [""] * len(first) for name in named]
        tags += [[""] * len(first)] * (3 - len(tags))
        table = pd.DataFrame(dict(zip(KEYS[2:], tags, strict=True)), dtype=object)
        table.insert(0, "source", source)
        table.insert(1, "domain", _tuples(first[list(by)]))
        for name, sizes in zip(POPULATION, _population(frame, design), strict=True):
            table[name] = np.broadcast_to(sizes, len(frame))[starts]
            _one_population(sizes, code, table, name)
        return cls(table, code)

    @classmethod
    def stacked(cls, parts: Sequence[Cells]) -> Cells:
        """Rows of several frames below each other."""
        sizes = np.cumsum([0, *(len(part.table) for part in parts)])
        code = np.concatenate([part.code + offset for part, offset in zip(parts, sizes, strict=False)])
        return cls(pd.concat([part.table for part in parts], ignore_index=True), code)


def _plain(label: Any) -> Any:
    """A label in one spelling: whole numbers read 1, also where missing values made the column a float."""
    return int(label) if isinstance(label, float) and label.is_integer() else label


def _distinct(columns: Sequence[pd.Series], n: int) -> tuple[Array, Array]:
    """(n,) code of each distinct combination in order of appearance, and where each first stands."""
    code = np.zeros(n, dtype=np.int64)
    if not columns:
        return code, np.zeros(min(n, 1), dtype=np.int64)
    size = 1
    for column in columns:
        codes, labels = _codes(column)
        if size * labels > _MOST_CODES:
            code, pairs = pd.factorize(code)
            size = len(pairs)
        if size == 1:
            code = codes
        else:
            code *= labels
            code += codes
        size *= labels
    if size > n:  # more combinations could be than are: name those that are
        code, pairs = pd.factorize(code)
        size = len(pairs)
    return _in_order(code, size)


def _in_order(code: Array, size: int) -> tuple[Array, Array]:
    """Codes below ``size`` numbered again in order of appearance, and where each first stands."""
    for rows in (PART, len(code)):  # most often all of them are met early
        head = code[:rows]
        first = np.full(size, len(code))
        first[head[::-1]] = np.arange(len(head) - 1, -1, -1)  # of repeated places the last one written stays
        present = np.flatnonzero(first < len(code))
        present = present[np.argsort(first[present])]
        number = np.full(size, -1)
        number[present] = np.arange(len(present))
        numbered = number[code]
        if numbered.min(initial=0) >= 0:
            break
    return numbered, first[present]


def _codes(column: pd.Series) -> tuple[Array, int]:
    """(n,) a small number for each label, and how many numbers there may be; small integers are their own."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu" and column.dtype.itemsize <= 2 and len(column):
        values = column.to_numpy()
        low = int(values.min())
        return values.astype(np.int64) - low, int(values.max()) - low + 1
    codes, labels = pd.factorize(column, use_na_sentinel=False)
    return codes, max(len(labels), 1)


def _tuples(frame: pd.DataFrame) -> Array:
    """(n,) rows of a frame as tuples."""
    out = np.empty(len(frame), dtype=object)
    stated = frame.astype(object).where(frame.notna(), NOT_STATED)
    out[:] = list(zip(*(stated[name] for name in stated.columns), strict=True)) if frame.shape[1] else [()] * len(frame)
    return out


def _population(frame: pd.DataFrame, design: SampleDesign) -> list[Any]:
    """Population sizes of the two stages: a number for all rows, or (n,)."""
    second = EVERYONE if design.whole_clusters else np.nan
    if isinstance(design.population, Mapping):
        if design.strata is None:
            raise SpecError("population is given per stratum, but the design names no strata.")
        sizes = frame[design.strata].map(design.population)
        if sizes.isna().any():
            lacking = sorted({str(label) for label in frame.loc[sizes.isna(), design.strata]})
            raise DataError(f"population has no size for the strata {', '.join(lacking)}. Add them.")
        return [sizes.to_numpy(float), second]
    columns = [frame[name].to_numpy(float) for name in design.population_columns]
    return [*columns, second, np.nan][:2] if columns else [np.nan, np.nan]


def _one_population(sizes: Any, code: Array, table: pd.DataFrame, name: str) -> None:
    """Refuse a population size that changes within a file's stratum (first stage) or cluster (second stage)."""
    if np.isscalar(sizes):
        return
    unit = ["source", "stratum"] if name == POPULATION[0] else ["source", "stratum", "cluster"]
    group = table.groupby(unit, sort=False).ngroup().to_numpy()
    first = table.groupby(group, sort=False)[name].first().to_numpy(float)
    odd = ~np.isclose(sizes, first[group][code], equal_nan=True)
    if odd.any():
        bad = table.iloc[np.unique(code[odd])][[*unit, name]].drop_duplicates()
        places = ", ".join(" ".join(map(str, line)) for line in bad[unit[1:]].head(5).to_numpy().tolist())
        raise DataError(f"{name} differs within {unit[-1]} {places or '(all)'}. Give one size.", bad)


def merged_cells(cells: pd.DataFrame) -> tuple[Array, pd.DataFrame]:
    """(c,) place of each cell among those with distinct keys, and the table of these; refuses populations that differ."""
    code, starts = _distinct([cells[name] for name in KEYS], len(cells))
    table = cells.iloc[starts].reset_index(drop=True)
    for name in POPULATION:
        _one_population(cells[name].to_numpy(float), code, table, name)
    return code, table


@dataclass(frozen=True, eq=False)
class Layout:
    """How cells make up first-stage units and these make up strata.

    Where respondents were drawn directly the whole stratum stands as one unit with ``clustered`` False.

    Attributes
    ----------
    psu : (cells,) first-stage unit of each cell
    stratum : (psus,) stratum of each first-stage unit
    group : (cells,) first-stage unit and file of each cell: people of two files in one store are two samples
    psu_of_group : (groups,)
    subcluster : (cells,) second-stage unit of each cell, or -1 where the respondent is that unit
    units : (groups,) second-stage units: subclusters or respondents
    population : (groups,) second-stage units in the population, nan where unknown
    names, clustered, clusters, size : (strata,) name, whether clusters were drawn, how many, of how many
    source : (strata,) number of the file, -1 for strata with rows from several
    """

    psu: Array
    stratum: Array
    group: Array
    psu_of_group: Array
    subcluster: Array
    units: Array
    population: Array
    names: Array
    clustered: Array
    clusters: Array
    size: Array
    source: Array

    @classmethod
    def of(cls, cells: pd.DataFrame, rows: Array) -> Layout:
        """The layout of cells with these numbers of rows."""
        stratum_of_cell, names = pd.factorize(cells["stratum"])
        psu, first = _first_of(stratum_of_cell, pd.factorize(cells["cluster"])[0])
        stratum = stratum_of_cell[first]
        sub = pd.factorize(cells["subcluster"])[0]
        named = (cells["subcluster"] != "").to_numpy()
        group, first_group = _first_of(psu, cells["source"].to_numpy(int))
        subcluster, first_sub = _first_of(group, sub)
        units = np.bincount(group, weights=np.where(named, 0.0, rows))
        units += np.bincount(group[first_sub], weights=named[first_sub].astype(float), minlength=len(units))
        clustered = np.zeros(len(names), dtype=bool)
        clustered[stratum] = (cells["cluster"] != "").to_numpy()[first]
        source = np.full(len(names), -2)
        for cell, number in zip(stratum_of_cell, cells["source"].to_numpy(), strict=True):
            source[cell] = number if source[cell] in (-2, number) else -1
        size = np.full(len(names), np.nan)
        size[stratum] = cells["clusters_in_population"].to_numpy(float)[first]
        population = cells["units_in_population"].to_numpy(float)[first_group]
        clusters = np.bincount(stratum, minlength=len(names))
        return cls(psu, stratum, group, psu[first_group], np.where(named, subcluster, -1), units, population,
                   np.asarray(names, dtype=object), clustered, clusters, size, source)  # fmt: skip


def _first_of(outer: Array, inner: Array) -> tuple[Array, Array]:
    """Code of each distinct (outer, inner) pair in order of appearance, and where each pair first stands."""
    code, pairs = pd.factorize(outer * (int(inner.max(initial=0)) + 1) + inner)
    first = np.full(len(pairs), len(code))
    np.minimum.at(first, code, np.arange(len(code)))
    return code, first


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that are summed in one go.

    Attributes
    ----------
    answers : (n, p) the answers that were asked of them, in the map's order, nan where missing
    present : (k,) True for the p of the map's answers that were asked
    cells : their cells
    weight : (n,) or None where everyone counts the same
    margins : (n, 2 j) what errors need of calibrated weights (:func:`margin_rows`), or None
    """

    answers: Array
    present: Array
    cells: Cells
    weight: Array | None
    margins: Array | None = None

    def beside_margins(self, columns: int) -> Block:
        """The same rows with so many columns of margins as further answers, 0 where a file has none."""
        if not columns:
            return self
        margins = np.zeros((len(self.answers), columns)) if self.margins is None else self.margins
        answers = np.concatenate([self.answers, margins], axis=1)
        present = np.r_[self.present, np.ones(columns, dtype=bool)]
        return Block(answers, present, self.cells, self.weight)

    def parts(self) -> Iterable[Block]:
        """The rows in pieces of at most :data:`PART`, so that only order decides how numbers are added."""
        if len(self.answers) <= PART:
            yield self
            return
        for start in range(0, len(self.answers), PART):
            rows = slice(start, start + PART)
            weight, margins = (None if each is None else each[rows] for each in (self.weight, self.margins))
            cells = Cells(self.cells.table, self.cells.code[rows])
            yield Block(self.answers[rows], self.present, cells, weight, margins)


class AllBut(tuple[Any, ...]):
    """Every domain but these."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Additive summary of weighted rows per sampling cell.

    Attributes
    ----------
    map : what the summed columns are
    cells : one row a cell: ``source, domain, stratum, cluster, subcluster`` and population sizes.
        ``domain`` is a tuple of labels; ``cluster`` is "" where respondents were drawn directly.
    count, first, second : (cells, q, q) Gram matrices of ``z`` with weights 1, w and w^2
    margins : (2, cells, q + 2 j, q + 2 j) first and second once more, ``z`` followed by what errors need of calibrated
        weights (:func:`margin_rows`); None where weights were not calibrated

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"store": list("aabb"), "x": [1, 2, 3, 6]})
    >>> whole = Moments.from_frame(frame, ["x"], SampleDesign(clusters="store"))
    >>> halves = [Moments.from_frame(part, ["x"], SampleDesign(clusters="store")) for part in (frame[:3], frame[3:])]
    >>> bool(((halves[0] + halves[1]).first == whole.first).all())
    True
    >>> whole.means(()).tolist()
    [3.0]
    """

    map: ScoreMap
    cells: pd.DataFrame
    count: Array
    first: Array
    second: Array
    margins: Array | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        columns: Sequence[str] | ScoreMap,
        design: SampleDesign | None = None,
        *,
        by: Sequence[str] = (),
    ) -> Moments:
        """Moments of a DataFrame's columns under a sample design, split by the columns of ``by``."""
        score_map = columns if isinstance(columns, ScoreMap) else ScoreMap.plain(columns)
        design = design or SampleDesign()
        check_columns([*score_map.answers, *by, *design.column_names()], frame.columns, "the data")
        cells, weight = Cells.of(frame, design, by), row_weights(frame, design)
        return cls.from_cells(frame, score_map, cells, weight, margin_rows(frame, design))

    @classmethod
    def from_batches(
        cls,
        stream: Any,
        columns: Sequence[str] | ScoreMap,
        design: SampleDesign | None = None,
        *,
        by: Sequence[str] = (),
    ) -> Moments:
        """Moments of anything that streams Arrow record batches (Parquet, Polars, DuckDB, PyArrow).

        Memory stays at one batch. ``stream`` has ``__arrow_c_stream__`` or yields record batches. How it is cut into
        batches makes no difference, not even in the last bit.
        """
        score_map = columns if isinstance(columns, ScoreMap) else ScoreMap.plain(columns)
        design = design or SampleDesign()
        wanted = list(dict.fromkeys([*score_map.answers, *by, *design.column_names()]))
        every = np.ones(len(score_map.answers), dtype=bool)
        blocks = (
            Block(
                answer_matrix(frame, score_map.answers),
                every,
                Cells.of(frame, design, by),
                row_weights(frame, design),
                margin_rows(frame, design),
            )
            for frame in rebatched(_frames(stream, wanted))
        )
        return cls.from_blocks(blocks, score_map, 0 if design.margins is None else 2 * design.margins.size)

    @classmethod
    def empty(cls, score_map: ScoreMap) -> Moments:
        """No rows at all: adding it changes nothing."""
        q = 1 + len(score_map.mask_names) + len(score_map.scores)
        none = np.zeros((0, q, q))
        return cls(score_map, pd.DataFrame(columns=[*KEYS, *POPULATION]), none, none, none)

    @classmethod
    def from_cells(
        cls,
        frame: pd.DataFrame,
        score_map: ScoreMap,
        cells: Cells,
        weight: Array | None,
        margins: Array | None = None,
    ) -> Moments:
        """Moments of rows whose cells, weights and margins are already known."""
        every = np.ones(len(score_map.answers), dtype=bool)
        block = Block(answer_matrix(frame, score_map.answers), every, cells, weight, margins)
        return cls.from_blocks([block], score_map, 0 if margins is None else margins.shape[1])

    @classmethod
    def from_blocks(cls, blocks: Iterable[Block], score_map: ScoreMap, margins: int = 0) -> Moments:
        """Moments of blocks of rows, added in their order; ``margins`` is how many columns of them the blocks have."""
        gathered = _Gathered(score_map, margins)
        for block in blocks:
            gathered.add(block)
        return gathered.moments()

    def __add__(self, other: Moments) -> Moments:
        """The summary of both parts; cells with the same keys are merged."""
        if not self.map.same_as(other.map):
            raise SpecError("moments of different columns, or of the same about another origin, cannot be added.")
        if not len(self.cells) or not len(other.cells):
            return self if len(self.cells) else other
        if (self.margins is None) != (other.margins is None):
            raise SpecError("moments under calibrated weights and others cannot be added.")
        count, first, second = (
            np.concatenate([mine, theirs])
            for mine, theirs in ((self.count, other.count), (self.first, other.first), (self.second, other.second))
        )
        both = [each for each in (self.margins, other.margins) if each is not None]
        margins = np.concatenate(both, axis=1) if both else None
        cells = pd.concat([self.cells, other.cells], ignore_index=True)
        return Moments(self.map, cells, count, first, second, margins)._merged()

    def _merged(self) -> Moments:
        """The same moments with cells of the same keys added up."""
        if not self.cells.duplicated(KEYS).any():
            return self
        code, table = merged_cells(self.cells)
        count, first, second = (_sum_by(stack, code, len(table)) for stack in (self.count, self.first, self.second))
        own = None if self.margins is None else np.stack([_sum_by(stack, code, len(table)) for stack in self.margins])
        return Moments(self.map, table, count, first, second, own)

    @cached_property
    def wide(self) -> Moments:
        """The same cells with margins beside ``z``, for what is left of influence once it is calibrated."""
        if self.margins is None:
            raise SpecError("these weights were not calibrated.")
        return Moments(self.map, self.cells, self.count, self.margins[0], self.margins[1])

    @property
    def weighted(self) -> bool:
        """True if any weight differs from 1."""
        return self.first is not self.count and not np.array_equal(self.first, self.count)

    def within_clusters(self) -> Moments:
        """The same sums with every cluster as a stratum and its subclusters as the clusters in it."""
        table = self.cells.assign(
            stratum=self.cells["stratum"] + " " + self.cells["cluster"],
            cluster=self.cells["subcluster"],
            subcluster="",
            clusters_in_population=self.cells["units_in_population"],
            units_in_population=np.nan,
        )
        return Moments(self.map, table, self.count, self.first, self.second)

    @property
    def domains(self) -> list[tuple[Any, ...]]:
        """The domains in order of first appearance."""
        return list(dict.fromkeys(self.cells["domain"]))

    @cached_property
    def _cells_of(self) -> dict[tuple[Any, ...], list[int]]:
        cells: dict[tuple[Any, ...], list[int]] = {}
        for k, label in enumerate(self.cells["domain"]):
            cells.setdefault(label, []).append(k)
        return cells

    @cached_property
    def layout(self) -> Layout:
        """How the cells make up clusters and strata."""
        return Layout.of(self.cells, self.count[:, 0, 0])

    def in_domain(self, domain: tuple[Any, ...] | None) -> Array:
        """(c,) positions of the cells of one domain, of all but some, or of all cells for None."""
        if domain is None:
            return np.arange(len(self.cells))
        if isinstance(domain, AllBut):
            others = [self._cells_of.get(each, []) for each in domain]
            return np.setdiff1d(np.arange(len(self.cells)), np.array([k for cells in others for k in cells], dtype=int))
        return np.array(self._cells_of.get(domain, []), dtype=int)

    def score_index(self, name: str) -> int:
        """Position of a score within ``z``."""
        return 1 + len(self.map.mask_names) + self.map.scores.index(name)

    def mask_index(self, name: str) -> int:
        """Position of a score's mask within ``z``."""
        return 1 + int(self.map.mask_of_score[self.map.scores.index(name)])

    def total(self, which: Array | None = None, power: int = 1) -> Array:
        """(q, q) Gram matrix summed over cells; ``power`` 0, 1 or 2 picks the weights' power."""
        stack = (self.count, self.first, self.second)[power]
        return stack.sum(axis=0) if which is None else stack[which].sum(axis=0)

    def sums(self, which: Array | None = None, power: int = 1) -> Array:
        """(q,) sums of ``z`` over cells: the first row of :meth:`total`."""
        stack = (self.count, self.first, self.second)[power][:, 0]
        return stack.sum(axis=0) if which is None else stack[which].sum(axis=0)

    def means(self, domain: tuple[Any, ...] | None = None) -> Array:
        """(s,) weighted means of the scores in a domain; nan where nobody answered."""
        row = self.sums(self.in_domain(domain))
        masks = len(self.map.mask_names)
        base = row[1 + self.map.mask_of_score]
        with np.errstate(invalid="ignore", divide="ignore"):
            return row[1 + masks :] / base / self.map.denominators + self.map.score_origin

    def covariance(self, domain: tuple[Any, ...] | None = None) -> Array:
        """(s, s) weighted covariance of the scores, each pair over those who have both; divisor n - 1."""
        inside = self.in_domain(domain)
        gram, count = self.total(inside), self.total(inside, 0)
        mask, score = 1 + self.map.mask_of_score, 1 + len(self.map.mask_names) + np.arange(len(self.map.scores))
        weight, n = gram[np.ix_(mask, mask)], count[np.ix_(mask, mask)]
        sums = gram[np.ix_(score, mask)]
        with np.errstate(invalid="ignore", divide="ignore"):
            raw = gram[np.ix_(score, score)] / weight - sums * sums.T / weight**2
            return raw * n / (n - 1) / np.outer(self.map.denominators, self.map.denominators)


def rows_of(answers: Array, score_map: ScoreMap) -> Array:
    """(n, q) rows ``z`` of (n, k) answers, one by one; for few respondents."""
    answers = answers.astype(np.float64)
    answered = ~np.isnan(answers)
    return score_map.rows(np.where(answered, answers - score_map.origin, 0.0), answered)


def row_weights(frame: pd.DataFrame, design: SampleDesign) -> Array | None:
    """(n,) weights, or None where everyone counts the same."""
    if design.weight is None:
        return None
    weight = frame[design.weight].to_numpy(dtype=float)
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        rows = ", ".join(map(str, frame.index[bad][:5]))
        raise DataError(f"weight {design.weight!r}: {bad.sum()} rows have none, or not a positive one (rows {rows}). Correct "
                        "them, or leave these rows out.", pd.DataFrame({"row": frame.index[bad], "column": design.weight}))  # fmt: skip
    return weight


def margin_rows(frame: pd.DataFrame, design: SampleDesign) -> Array | None:
    """(n, 2 j) what errors need of each row where weights were calibrated to j totals, else None.

    With x a row's margin values: ``x c/w``, then ``x d/c``, for weight w, base weight d and calibrated weight c (w unless
    trimmed). Sums of products of both halves under w are then those of x under d.
    """
    if design.margins is None or design.weight is None:
        return None
    return design.margins.rows(frame, frame[design.weight].to_numpy(dtype=float))


def answer_matrix(frame: pd.DataFrame, columns: Sequence[str]) -> Array:
    """(n, k) answers: integers as they are, everything else as float64 with nan for missing."""
    wanted = frame if list(frame.columns) == list(columns) else frame[list(columns)]
    if all(isinstance(kind, np.dtype) and kind.kind in "iub" for kind in wanted.dtypes):
        return wanted.to_numpy()
    return wanted.to_numpy(dtype=np.float64, na_value=np.nan)


def _frames(stream: Any, columns: Sequence[str]) -> Iterable[pd.DataFrame]:
    import pyarrow as pa

    batches = pa.RecordBatchReader.from_stream(stream) if hasattr(stream, "__arrow_c_stream__") else stream
    for batch in batches:
        check_columns(columns, batch.schema.names, "the stream")
        yield batch.select(list(columns)).to_pandas()


def rebatched(frames: Iterable[pd.DataFrame], rows: int = PART) -> Iterable[pd.DataFrame]:
    """The same rows in frames of this many rows, the last one shorter."""
    held: list[pd.DataFrame] = []
    size = 0
    for frame in frames:
        held.append(frame)
        size += len(frame)
        if size >= rows:
            whole = held[0] if len(held) == 1 else pd.concat(held, ignore_index=True)
            full = size - size % rows
            yield from (whole.iloc[start : start + rows] for start in range(0, full, rows))
            held, size = [whole.iloc[full:]], size - full
    if size:
        yield held[0] if len(held) == 1 else pd.concat(held, ignore_index=True)


class _Beside:
    """A score map with so many columns beside ``z``, which are never missing and summed as they are."""

    def __init__(self, score_map: ScoreMap, columns: int) -> None:
        self.map, self.columns = score_map, columns
        self.origin = np.r_[score_map.origin, np.zeros(columns)]
        self.size = 1 + len(score_map.mask_names) + len(score_map.scores) + columns

    def asked(self, present: Array) -> Array:
        """(k + columns,) True for the answers that were asked, and for the columns beside them."""
        return np.r_[present, np.ones(self.columns, dtype=bool)] if self.columns else present

    def lift(self, present: Array) -> Array:
        """(size, 1 + p) map to ``z`` and the columns beside it from the constant and the centred answers."""
        if not self.columns:
            return self.map.lift(present)
        own = self.map.lift(present[: -self.columns])
        out = np.zeros((self.size, 1 + int(present.sum())))
        out[: len(own), : own.shape[1]] = own
        out[len(own) :, own.shape[1] :] = np.eye(self.columns)
        return out

    def rows(self, centred: Array, answered: Array) -> Array:
        """(n, size) rows ``z`` and the columns beside them."""
        if not self.columns:
            return self.map.rows(centred, answered)
        own, beside = np.split(centred, [-self.columns], axis=1)
        return np.concatenate([self.map.rows(own, answered[:, : -self.columns]), beside], axis=1)


class _Gathered:
    """Sums that grow block by block: in answer space for complete rows, lifted to ``z`` once at the end."""

    def __init__(self, score_map: ScoreMap, margins: int = 0) -> None:
        self.map = _Beside(score_map, margins)
        self.table = pd.DataFrame(columns=[*KEYS, *POPULATION])
        self.powers = 1
        self.complete: dict[bytes, Array] = {}  # by which answers were asked: (powers, cells, 1 + p, 1 + p)
        self.partial: Array | None = None  # (powers, cells, q, q)

    def add(self, block: Block) -> None:
        """Adds the sums of one block."""
        if not len(block.answers):
            return
        place = self._places(block.cells.table)
        if block.weight is not None and self.powers == 1:
            self.powers = 3  # a file without weights counts everyone once
            self.complete = {key: np.repeat(sums, 3, axis=0) for key, sums in self.complete.items()}
            self.partial = None if self.partial is None else np.repeat(self.partial, 3, axis=0)
        present = self.map.asked(block.present)
        key, p = present.tobytes(), 1 + int(present.sum())
        sums = self.complete[key] = _grown(self.complete.get(key), (self.powers, len(self.table), p, p))
        q = self.map.size
        for cells, whole, rest in _cell_grams(block, self.map):
            # a file without weights has one power for all three
            found, added = _by_cell(cells, whole)
            sums[:, place[found]] += added
            if rest is not None:
                self.partial = _grown(self.partial, (self.powers, len(self.table), q, q))
                found, added = _by_cell(cells, rest)
                self.partial[:, place[found]] += added

    def _places(self, cells: pd.DataFrame) -> Array:
        """(c,) row of the growing table for each of a block's cells; refuses populations that changed."""
        if not len(self.table) or cells is self.table:
            self.table = cells
            return np.arange(len(cells))
        known = len(self.table)
        code, self.table = merged_cells(pd.concat([self.table, cells], ignore_index=True))
        return code[known:]

    def moments(self) -> Moments:
        """The moments of all that was added."""
        if not len(self.table):
            return Moments.empty(self.map.map)
        q = self.map.size
        stacks = _grown(self.partial, (self.powers, len(self.table), q, q))
        with one_blas_thread():
            for key, sums in self.complete.items():
                lift = self.map.lift(np.frombuffer(key, dtype=bool))
                stacks[:, : sums.shape[1]] += np.matmul(np.matmul(lift, sums), lift.T)
        count, first, second = stacks if self.powers == 3 else (stacks[0],) * 3
        if not self.map.columns:
            return Moments(self.map.map, self.table, count, first, second)
        z = slice(q - self.map.columns)
        return Moments(self.map.map, self.table, count[:, z, z], first[:, z, z], second[:, z, z], stacks[1:])


def _by_cell(cells: Array, grams: Array) -> tuple[Array, Array]:
    """The distinct cells of neighbouring pieces, and their sums (powers, cells, …); a large cell comes in several pieces."""
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    if len(starts) < len(cells):
        cells, grams = cells[starts], np.add.reduceat(grams, starts, axis=0)
    return cells, grams.swapaxes(0, 1)


def _grown(sums: Array | None, shape: tuple[int, ...]) -> Array:
    """The sums with room for more cells."""
    if sums is not None and sums.shape == shape:
        return sums
    out = np.zeros(shape)
    if sums is not None:
        out[:, : sums.shape[1]] = sums
    return out


def _cell_grams(block: Block, score_map: _Beside) -> Iterable[tuple[Array, Array, Array | None]]:
    """Gram matrices of the complete and of the other rows, of pieces that each lie in one cell.

    Yields (p,) cells, (p, powers, 1 + k, 1 + k) and (p, powers, q, q) or None, for p neighbouring pieces at a time.
    Two parts are worked on side by side or, where there is one only, its runs are.
    """
    parts = list(block.parts())
    if len(parts) == 1:
        runs, work = _runs(block, score_map)
        yield from _shared_out(work, runs, len(block.answers))
        return
    for start in range(0, len(parts), _HELD):
        for found in _shared_out(lambda part: _in_turn(part, score_map), parts[start : start + _HELD], PART):
            yield from found


def _in_turn(part: Block, score_map: _Beside) -> list[tuple[Array, Array, Array | None]]:
    runs, work = _runs(part, score_map)
    return [work(run) for run in runs]


def _runs(block: Block, score_map: _Beside) -> tuple[list[Array], Callable[[Array], tuple[Array, Array, Array | None]]]:
    """A part's pieces (cell, begin, end of the rows sorted by cell) about a chunk at a time, and how one is summed."""
    block = block.beside_margins(score_map.columns)
    code, weight, answers = block.cells.code, block.weight, block.answers
    cells, origin = len(block.cells.table), score_map.origin[block.present]
    exact = weight is None and answers.dtype.kind in "iub" and answers.dtype.itemsize <= 2
    if exact:
        answers = _padded(answers)
    elif cells > 1 or weight is not None:
        answers = np.ascontiguousarray(answers)  # one memory order: quick to gather, the same bits where weighted
    order = np.argsort(code.astype(np.uint16) if cells < 2**16 else code, kind="stable") if cells > 1 else None
    ends = np.cumsum(np.bincount(code, minlength=cells))
    pieces = np.array([
        (cell, start, min(start + _CHUNK, end))
        for cell, (begin, end) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True))
        for start in range(begin, end, _CHUNK)
    ])  # fmt: skip

    def work(run: Array) -> tuple[Array, Array, Array | None]:
        begin, end = run[0, 1], run[-1, 2]
        rows = slice(begin, end) if order is None else order[begin:end]
        taken = answers[rows] if isinstance(rows, slice) else np.take(answers, rows, axis=0)
        if exact:
            return run[:, 0], _whole_number_grams(taken, run[:, 1:] - begin, origin), None
        own = None if weight is None else weight[rows]
        return run[:, 0], *_piece_grams(taken, run[:, 1:] - begin, score_map, block.present, own)

    return np.split(pieces, np.flatnonzero(np.diff(pieces[:, 2] // _CHUNK)) + 1), work


def _piece_grams(
    answers: Array, bounds: Array, score_map: _Beside, present: Array, weight: Array | None
) -> tuple[Array, Array | None]:
    """Gram matrices of the complete rows in answer space, and of the others in score space, between (p, 2) bounds."""
    origin = score_map.origin[present]
    if answers.dtype.kind in "iub":
        return _complete_grams(answers, bounds, origin, weight), None
    answered = ~np.isnan(answers)
    whole = answered.all(axis=1)
    if whole.all():
        return _complete_grams(answers, bounds, origin, weight), None
    kept = np.r_[0, np.cumsum(whole)][bounds]
    n = int((~whole).sum())
    centred, given = np.zeros((n, len(present))), np.zeros((n, len(present)), dtype=bool)
    given[:, present] = answered[~whole]
    centred[:, present] = np.where(given[:, present], answers[~whole] - origin, 0.0)
    rest = _grams_between(score_map.rows(centred, given), bounds - kept, None if weight is None else weight[~whole])
    return _complete_grams(answers[whole], kept, origin, None if weight is None else weight[whole]), rest


def _complete_grams(answers: Array, bounds: Array, origin: Array, weight: Array | None) -> Array:
    """(p, powers, 1 + k, 1 + k) Gram matrices of complete rows about the origin, in the memory order of the answers."""
    n, k = answers.shape
    columnwise = answers.flags.f_contiguous and not answers.flags.c_contiguous
    z = np.empty((1 + k, n)).T if columnwise else np.empty((n, 1 + k))
    z[:, 0] = 1
    z[:, 1:] = answers
    if origin.any():
        z[:, 1:] -= origin
    return _grams_between(z, bounds, weight)


def _padded(answers: Array) -> Array:
    """(n, w) a column of ones, the answers, and zeros up to the next multiple of 8, on which products are quickest."""
    n, k = answers.shape
    out = np.zeros((n, -(-(1 + k) // _LANES) * _LANES), answers.dtype)
    out[:, 0] = 1
    out[:, 1 : 1 + k] = answers
    return out


def _whole_number_grams(padded: Array, bounds: Array, origin: Array) -> Array:
    """(p, 1, 1 + k, 1 + k) Gram matrices of :func:`_padded` rows about the origin, in float32 where that is exact.

    Sums of products of whole numbers are exact in float32 while they stay under 2^24. The largest are the sums of
    squares on the diagonal, so the result itself shows whether it may be believed; it is then moved to the origin.
    """
    q = 1 + len(origin)
    grams = _grams_between(padded.astype(np.float32), bounds, None)[:, :, :q, :q]
    if np.diagonal(grams, axis1=2, axis2=3).max(initial=0) >= _EXACT_FLOAT32:
        return _complete_grams(padded[:, 1:q], bounds, origin, None)
    return _moved(grams.astype(np.float64), origin)


def _moved(grams: Array, origin: Array) -> Array:
    """(…, 1 + k, 1 + k) Gram matrices about 0 moved to the origin, in place; their first row has the number and the sums."""
    n, sums = grams[..., :1, :1], grams[..., 1:, :1].copy()
    across = sums * origin
    grams[..., 1:, 1:] -= across + across.swapaxes(-1, -2) - n * np.outer(origin, origin)
    grams[..., 1:, :1] -= n * origin[:, None]
    grams[..., :1, 1:] = grams[..., 1:, :1].swapaxes(-1, -2)
    return grams


def _grams_between(z: Array, bounds: Array, weight: Array | None) -> Array:
    """(p, powers, q, q) Gram matrices of the rows between bounds, with weights 1, w and w^2; the first alone without."""
    scaled = z if weight is None else z * weight[:, None]
    pairs = [(z, z)] if weight is None else [(z, z), (scaled, z), (scaled, scaled)]
    out = np.empty((len(bounds), len(pairs), z.shape[1], z.shape[1]), z.dtype)
    for k, (start, stop) in enumerate(bounds.tolist()):
        for power, (left, right) in enumerate(pairs):
            np.matmul(left[start:stop].T, right[start:stop], out=out[k, power])
    return out


def one_blas_thread() -> AbstractContextManager[Any]:
    """Small and skinny products on several BLAS threads wait for each other more than they compute: keep to one."""
    return _blas(len(sys.modules)).limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _blas(loaded: int) -> Any:
    """The libraries to be limited, looked up again when a module was loaded since: scipy brings a BLAS of its own."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _shared_out(work: Callable[[Any], Any], blocks: Sequence[Any], rows: int) -> Iterable[Any]:
    """Run the blocks in order with one BLAS thread, on two threads of our own where there is enough to do."""
    with one_blas_thread():
        if rows < 16 * _CHUNK:
            yield from map(work, blocks)
        else:
            with ThreadPoolExecutor(2) as pool:
                yield from pool.map(work, blocks)


def _sum_by(stack: Array, code: Array, cells: int) -> Array:
    out = np.zeros((cells, *stack.shape[1:]))
    np.add.at(out, code, stack)
    return out
