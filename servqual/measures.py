"""What is scored: items, dimensions and totals as whole-number sums of answers, and the error of their gaps.

A gap in one row of a table is a mean of perceptions minus a mean of expectations. Both come from the same
moments; what differs between studies is which rows hold them: the same respondents (paired), other people
(independent samples), other people without the split column (one side serves every row), or nobody at all
(fixed expected levels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    Again,
    Interval,
    Spread,
    Student,
    Taylor,
    Term,
    independent,
    inside_one_cluster,
    within_one_cluster,
)
from servqual.instruments import Instrument
from servqual.moments import NOT_STATED, Cells, Moments, ScoreMap, row_weights
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_columns
from survey_design.results import Text
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
What = Literal["item", "dimension", "total"]
Total = Literal["dimensions", "items"]

RESERVED = frozenset(
    [
        "item",
        "dimension",
        "total",
        "expectation",
        "perception",
        "gap",
        "difference",
        "against",
        "se",
        "low",
        "high",
        "n",
        "n_expectation",
        "df",
        "p",
        "p_adjusted",
        "deff",
        "reason",
    ]
)
HEADINGS: Mapping[str, Text] = {
    "item": {"en": "item", "zh": "题项"},
    "dimension": {"en": "dimension", "zh": "维度"},
    "total": {"en": "total", "zh": "总体"},
}
TOTALS: Mapping[str, Text] = {
    "mean": {"en": "Overall (mean)", "zh": "总体（均值）"},
    "sum": {"en": "Overall (sum of items)", "zh": "总体（题项之和）"},
    "weighted": {"en": "Overall (importance-weighted)", "zh": "总体（重要性加权）"},
}
CAUTION: Text = {
    "en": "No margin of error: respondents were not all drawn with known probabilities. The intervals show what chance "
    "alone would leave open if respondents were like a random sample; bias of selection is not in them.",
    "zh": "非抽样误差界：受访者并非全部按已知概率抽取。区间仅表示若受访者如同随机样本时偶然性留下的不确定范围，不含选择偏差。",
}
_POINT = 10**9  # importance shares are kept to nine decimals, as whole numbers


@dataclass(frozen=True)
class Measure:
    """A score of one respondent: ``sum_j weights[j] * answer_j / denominator`` over the items.

    >>> Measure("dimension", "tangibles", (1, 1, 0), 2).of(np.array([[7.0, 6.0, 1.0]])).tolist()
    [6.5]
    """

    what: What
    id: str
    weights: tuple[int, ...]
    denominator: int

    def of(self, answers: Array) -> Array:
        """(n,) scores of (n, k) answers; nan where an answer it needs is missing."""
        used = np.array(self.weights) != 0
        return answers[:, used] @ np.array(self.weights)[used] / self.denominator


def plan_measures(
    instrument: Instrument, items: Sequence[str], total: Total, importance: Mapping[str, float] | None
) -> tuple[Measure, ...]:
    """Items, dimensions and totals in the instrument's order.

    ``total="dimensions"`` averages dimension scores, so that every dimension counts the same;
    ``total="items"`` averages items. The sum runs over all reported items; with ``importance`` a weighted mean
    of dimensions is added.
    """
    groups = {d.id: [k for k, name in enumerate(items) if instrument.item(name).dimension == d.id]
              for d in instrument.dimensions}  # fmt: skip
    groups = {name: members for name, members in groups.items() if members}
    reported = [k for members in groups.values() for k in members] or list(range(len(items)))
    size = len(items)
    measures = [Measure("item", name, _weights(size, {k: 1}), 1) for k, name in enumerate(items)]
    measures += [Measure("dimension", d, _weights(size, dict.fromkeys(m, 1)), len(m)) for d, m in groups.items()]
    if total == "dimensions" and groups:
        equal = dict.fromkeys(groups, 1)
        measures.append(_weighted_total("mean", size, groups, equal))
    else:
        measures.append(Measure("total", "mean", _weights(size, dict.fromkeys(reported, 1)), len(reported)))
    measures.append(Measure("total", "sum", _weights(size, dict.fromkeys(reported, 1)), 1))
    if importance is not None:
        whole = sum(importance[name] for name in groups)
        points = {name: round(_POINT * importance[name] / whole) for name in groups}
        measures.append(_weighted_total("weighted", size, groups, points))
    return tuple(measures)


def _weighted_total(name: str, size: int, groups: Mapping[str, list[int]], points: Mapping[str, int]) -> Measure:
    common = lcm(*(len(members) for members in groups.values()))
    weights = {k: points[d] * common // len(members) for d, members in groups.items() for k in members}
    return Measure("total", name, _weights(size, weights), common * sum(points.values()))


def _weights(size: int, given: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(given.get(k, 0) for k in range(size))


def check_importance(importance: Mapping[str, float], instrument: Instrument) -> dict[str, float]:
    """Importance points per dimension: all dimensions, none negative, not all zero."""
    known = [dimension.id for dimension in instrument.dimensions]
    if set(importance) != set(known):
        raise SpecError(f"importance must give points to each of {', '.join(known)}; it names {', '.join(importance)}.")
    points = {name: float(importance[name]) for name in known}
    if any(not 0 <= value < np.inf for value in points.values()) or sum(points.values()) <= 0:
        raise SpecError(f"importance {dict(importance)}: points must be 0 or more, and not all 0.")
    return points


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a gap table before its error: values and influence of all measures.

    Attributes
    ----------
    label : values of the split columns
    measures : (m,) positions of its measures
    expectation, perception : (m,)
    terms : influence of the gap, perception minus expectation
    shared : terms of a side that serves every row
    n_perception, n_expectation : (m,) answers used
    """

    label: tuple[Any, ...]
    measures: Array
    expectation: Array
    perception: Array
    terms: tuple[Term, ...]
    shared: tuple[Term, ...]
    n_perception: Array
    n_expectation: Array

    @property
    def gap(self) -> Array:
        """(m,) perception minus expectation."""
        return self.perception - self.expectation

    @property
    def all_terms(self) -> tuple[Term, ...]:
        """Influence of the gap, own and shared."""
        return (*self.terms, *self.shared)

    def selecting(self, chosen: Array) -> Row:
        """The same row for some of the measures."""
        return Row(
            self.label,
            self.measures[chosen],
            self.expectation[chosen],
            self.perception[chosen],
            tuple(term.selecting(chosen) for term in self.terms),
            tuple(term.selecting(chosen) for term in self.shared),
            self.n_perception[chosen],
            self.n_expectation[chosen],
        )


@dataclass(frozen=True, eq=False)
class Basis:
    """Everything a gap table is computed from: moments, measures, and which cells serve which row.

    ``own`` are the sides ("P", "E") that have the split columns; ``shared`` the side that lacks them and serves
    every row, overall or matched by a column. ``sources`` and ``clusters`` give the number of a side's file and the
    file's cluster column. ``answers``, ``code`` and ``weight`` are the rows the moments were made
    from, for replicates that resample respondents.
    """

    moments: Moments
    measures: tuple[Measure, ...]
    by: tuple[str, ...]
    match: str | None
    own: tuple[str, ...]
    shared: str | None
    sources: Mapping[str, int]
    clusters: Mapping[int, str]
    fixed: Array | None
    answers: Array
    code: Array
    weight: Array | None

    @classmethod
    def of(
        cls,
        responses: Responses,
        measures: tuple[Measure, ...],
        by: tuple[str, ...],
        match: str | None,
        fixed: Array | None,
    ) -> Basis:
        """One pass over the answers of all files."""
        sides = _sides(responses, fixed is not None)
        reserved = sorted(set(by) & RESERVED)
        if reserved:
            raise SpecError(f"by={', '.join(reserved)}: tables have a column of that name. Rename it in the data.")
        own = [side for side in sides if set(by) <= set(side.responses.frame.columns)]
        if not own:
            for side in sides:
                check_columns(by, side.responses.frame.columns, side.responses.source.name)
        lacking = [side for side in sides if side not in own]
        if match:
            for side in sides:
                check_columns([match], side.responses.frame.columns, side.responses.source.name)
        match = match if lacking else None
        frames = [side.labelled(by, match, side in own) for side in sides]
        cells = Cells.stacked([part for _, part, _ in frames])
        _part_strata(cells.table, [side.responses.design for side in sides])
        score_map = _score_map(responses, measures, fixed is not None)
        answers = [part for part, _, _ in frames]
        frame = answers[0] if len(answers) == 1 else pd.concat(answers, ignore_index=True)
        frame = frame.reindex(columns=list(score_map.answers))
        weight = None if all(w is None for _, _, w in frames) else np.concatenate(
            [np.ones(len(part)) if w is None else w for part, _, w in frames])  # fmt: skip
        moments = Moments.from_cells(frame, score_map, cells, weight)
        letters = tuple(letter for side in own for letter in side.letters)
        other = "".join(side.letters[0] for side in lacking) or None
        sources = {letter: side.source for side in sides for letter in side.letters}
        clusters = {side.source: side.responses.design.stages[0] for side in sides if side.responses.design.stages}
        rows = (frame.to_numpy(), cells.code, weight)
        return cls(moments, measures, by, match, letters, other, sources, clusters, fixed, *rows)

    @cached_property
    def labels(self) -> list[tuple[Any, ...]]:
        """Rows of the table: the split columns' values, in order of first appearance."""
        return list(dict.fromkeys(domain[1] for domain in self.moments.domains if domain[0] == "own"))

    @property
    def paired(self) -> bool:
        """True if the same respondents answered both forms: both scores of a measure then share one mask."""
        return len(self.moments.map.scores) == 2 * len(self.moments.map.mask_names)

    def index(self, what: What) -> Array:
        """Positions of the measures of one kind."""
        return np.array([k for k, measure in enumerate(self.measures) if measure.what == what], dtype=int)

    def row(self, label: tuple[Any, ...]) -> Row:
        """Values and influence of one row of the table."""
        terms: dict[Any, _Pieces] = {}
        means, ns = {}, {}
        for letter in self.own:
            means[letter], ns[letter] = self._own_mean(letter, self._domains(label, letter), terms)
        shared: dict[Any, _Pieces] = {}
        if self.shared:
            domains = self._domains(label, self.own[0])
            means[self.shared], ns[self.shared] = self._shared_mean(self.shared, domains, terms, shared)
        none = np.zeros(len(self.measures))
        expectation = self.fixed if self.fixed is not None else means.get("E", none)
        n_expectation = ns.get("E", ns["P"]) if "P" in ns else ns["E"]
        return Row(
            label,
            np.arange(len(self.measures)),
            np.asarray(expectation),
            means.get("P", none),
            tuple(pieces.term(domain, (label, domain[3])) for domain, pieces in terms.items()),
            tuple(pieces.term(domain, domain) for domain, pieces in shared.items()),
            ns.get("P", none),
            n_expectation,
        )

    def _domains(self, label: tuple[Any, ...], letter: str) -> list[Any]:
        """The domains of one side in one row: one, or one per value of the matched column."""
        wanted = ("own", label), self.sources[letter]
        return [domain for domain in self.moments.domains if (domain[:2], domain[-1]) == wanted]

    def _sums(self, letter: str, domain: Any) -> tuple[Array, Array, Array]:
        """(m,) weight answered, centred weighted sum in score units, and answers, of one side in one domain."""
        inside = self.moments.in_domain(domain)
        row, count = self.moments.total(inside)[0], self.moments.total(inside, 0)[0]
        mask, score = self._positions(letter)
        return row[mask], row[score] / self._denominators, count[mask]

    def _positions(self, letter: str) -> tuple[Array, Array]:
        """(m,) places of a side's masks and scores within ``z``."""
        return self._all_positions[letter]

    @cached_property
    def _all_positions(self) -> dict[str, tuple[Array, Array]]:
        return {letter: self._found(letter) for letter in {name[0] for name in self.moments.map.scores}}

    def _found(self, letter: str) -> tuple[Array, Array]:
        names = [f"{letter}:{measure.what}:{measure.id}" for measure in self.measures]
        index = [(self.moments.mask_index(name), self.moments.score_index(name)) for name in names]
        mask, score = zip(*index, strict=True)
        return np.array(mask), np.array(score)

    @cached_property
    def _denominators(self) -> Array:
        return np.array([float(measure.denominator) for measure in self.measures])

    @cached_property
    def _origin(self) -> Array:
        """(m,) what a score is when every answer is at the origin."""
        origin = self.moments.map.origin[0]
        return np.array([origin * sum(measure.weights) / measure.denominator for measure in self.measures])

    def _pieces(self, store: dict[Any, _Pieces], domain: Any) -> _Pieces:
        q = self.moments.first.shape[1]
        return store.setdefault(domain, _Pieces(np.zeros((len(self.measures), q)), []))

    def _add(self, pieces: _Pieces, letter: str, slope: Array, mean: Array) -> None:
        """Adds the influence ``slope * (x - mask * mean)`` of one side's rows."""
        mask, score = self._positions(letter)
        m = np.arange(len(self.measures))
        slope = np.nan_to_num(slope)
        np.add.at(pieces.coefficients, (m, score), slope / self._denominators)
        np.add.at(pieces.coefficients, (m, mask), -slope * np.nan_to_num(mean))
        pieces.uses(mask)

    def _own_mean(self, letter: str, domains: Sequence[Any], terms: dict[Any, _Pieces]) -> tuple[Array, Array]:
        sign = 1.0 if letter == "P" else -1.0
        none = np.zeros(len(self.measures))
        sums = [(none, none, none), *(self._sums(letter, domain) for domain in domains)]
        weight, total, n = (np.sum([part[k] for part in sums], axis=0) for k in range(3))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean, slope = total / weight, sign / weight
        for domain in domains:
            self._add(self._pieces(terms, domain), letter, slope, mean)
        return mean + self._origin, n

    def _shared_mean(
        self, letter: str, domains: Sequence[Any], terms: dict[Any, _Pieces], shared: dict[Any, _Pieces]
    ) -> tuple[Array, Array]:
        """Mean of the side that serves every row, mixed over the matched column as the row's own side is.

        The mix is estimated too: own rows carry ``(mean of their match - mixed mean) / weight`` in addition.
        """
        sign, other = (1.0, "E") if letter == "P" else (-1.0, "P")
        own = {domain: self._sums(other, domain)[0] for domain in domains}
        weight = np.sum(list(own.values()), axis=0)
        parts = {domain: self._sums(letter, ("shared", domain[2])) for domain in domains}
        with np.errstate(invalid="ignore", divide="ignore"):
            means = {domain: part[1] / part[0] for domain, part in parts.items()}
            mixed = np.sum([np.nan_to_num(means[d]) * own[d] / weight for d in domains], axis=0)
            lacking = [d for d in domains if (np.isnan(means[d]) & (own[d] > 0)).any()]
            if lacking:
                names = ", ".join(str(domain[2]) for domain in lacking)
                raise DataError(f"nobody in the other file has {self.match} = {names}; match by another column.")
            for domain in domains:
                share = own[domain] / weight
                self._add(
                    self._pieces(shared, ("shared", domain[2])), letter, sign * share / parts[domain][0], means[domain]
                )
                mask, _ = self._positions(other)
                drift = np.nan_to_num(sign * (means[domain] - mixed) / weight)
                np.add.at(self._pieces(terms, domain).coefficients, (np.arange(len(mask)), mask), drift)
        n = np.sum([part[2] for part in parts.values()], axis=0)
        return mixed + self._origin, n

    def spread(self, rows: Sequence[tuple[float, Row]], interval: Interval) -> tuple[Spread, bool]:
        """Spread of a signed sum of rows, and whether respondents had to be the units.

        Where what one file has on a row comes from a single cluster (or ``by`` is finer than clusters), there is
        nothing between clusters to learn from: its respondents are the units, and the statement is about that cluster.
        """
        own = _merged([(sign, term) for sign, row in rows for term in row.terms])
        shared = _merged([(sign, term) for sign, row in rows for term in row.shared])
        served = [term for term in shared if term.coefficients.any()]
        lone = self._within_one_cluster(own)
        if not lone or isinstance(interval, Student):
            return interval.spread(self.moments, [*own, *served], self._again(rows)), bool(lone)
        others = [term for term in (*own, *served) if term not in lone]
        parts = [inside_one_cluster(self.moments, lone)]
        if others:
            linear = interval if isinstance(interval, Taylor) else Taylor()
            parts.append(linear.spread(self.moments, others))
        return independent(parts), True

    def _within_one_cluster(self, own: Sequence[Term]) -> list[Term]:
        """The terms of those rows and files whose respondents all come from one cluster, or that ``by`` splits by it."""
        groups: dict[Any, list[Term]] = {}
        for term in own:
            groups.setdefault(term.sample, []).append(term)
        lone = []
        for group in groups.values():
            by_cluster = self.clusters.get(group[0].domain[-1]) in self.by if group[0].domain else False
            if by_cluster or within_one_cluster(self.moments, [member.domain for member in group]):
                lone += group
        return lone

    def _again(self, rows: Sequence[tuple[float, Row]]) -> Again:
        """How replicates compute the signed sum of rows from their own sums."""

        def values(sums: Callable[[Any], Array]) -> Array:
            gaps = [sign * self._gap_again(row.label, sums)[:, row.measures] for sign, row in rows]
            return np.sum(gaps, axis=0)

        return Again(self.moments, self.answers, self.code, self.weight, False, values)

    def _gap_again(self, label: tuple[Any, ...], sums: Callable[[Any], Array]) -> Array:
        """(r, m) gaps of one row from the sums of r replicates."""
        own = {letter: {d: sums(d)[:, 0] for d in self._domains(label, letter)} for letter in self.own}
        means: dict[str, Array] = {}
        for letter, parts in own.items():
            mask, score = self._positions(letter)
            weight = np.sum([part[:, mask] for part in parts.values()], axis=0)
            means[letter] = np.sum([part[:, score] for part in parts.values()], axis=0) / weight / self._denominators
        if self.shared:
            mask, score = self._positions(self.shared)
            base, parts = self._positions(self.own[0])[0], own[self.own[0]]
            weight = np.sum([part[:, base] for part in parts.values()], axis=0)
            served = {domain: sums(("shared", domain[2]))[:, 0] for domain in parts}
            mixed = [parts[d][:, base] / weight * (part[:, score] / part[:, mask]) for d, part in served.items()]
            means[self.shared] = np.sum(mixed, axis=0) / self._denominators
        zero = np.zeros(len(self.measures))
        expectation = self.fixed - self._origin if self.fixed is not None else means.get("E", zero)
        return np.asarray(means.get("P", zero) - expectation)


@dataclass(frozen=True, eq=False)
class _Pieces:
    coefficients: Array
    masks: list[Array]

    def uses(self, mask: Array) -> None:
        if not any(np.array_equal(mask, known) for known in self.masks):
            self.masks.append(mask)

    def term(self, domain: Any, sample: Any) -> Term:
        return Term(domain, self.coefficients, np.stack(self.masks, axis=1), sample)


def _merged(signed: Sequence[tuple[float, Term]]) -> list[Term]:
    """Terms of the same domain added up, so that their products meet."""
    merged: dict[Any, Term] = {}
    for sign, term in signed:
        known = merged.get(term.domain)
        coefficients = sign * term.coefficients + (0.0 if known is None else known.coefficients)
        merged[term.domain] = replace(term, coefficients=coefficients)
    return list(merged.values())


@dataclass(frozen=True, eq=False)
class _Side:
    """One file: which forms it brings and under which number."""

    responses: Responses
    letters: tuple[str, ...]
    items: Mapping[str, Mapping[str, str]]
    source: int

    def labelled(self, by: Sequence[str], match: str | None, own: bool) -> tuple[pd.DataFrame, Cells, Array | None]:
        """Answers named "P:item"/"E:item", cells whose domain says which rows they serve, and weights."""
        frame, design = self.responses.frame, self.responses.design
        columns = {column: f"{letter}:{item}" for letter in self.letters for item, column in self.items[letter].items()}
        answers = frame[list(columns)].rename(columns=columns)
        labels = [*(by if own else ()), *([match] if match else [])]
        cells = Cells.of(frame.assign(**{name: _stated(frame[name]) for name in labels}), design, labels, self.source)
        served = [(*label, "") if not match else label for label in cells.table["domain"]]
        domains = np.empty(len(served), dtype=object)
        domains[:] = [("own", label[:-1], label[-1], self.source) if own else ("shared", label[-1]) for label in served]
        return answers, replace(cells, table=cells.table.assign(domain=domains)), row_weights(frame, design)


def _stated(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), NOT_STATED)


def _sides(responses: Responses, fixed: bool) -> list[_Side]:
    form = "expectation" if responses.pairing == "expectation only" else "perception"
    letter = form[0].upper()
    mine = {letter: {item: responses.instrument.column(form, item) for item in responses.matches}}
    if responses.pairing == "paired" and not fixed:
        mine["E"] = {item: responses.instrument.column("expectation", item) for item in responses.matches}
    sides = [_Side(responses, tuple(mine), mine, 0)]
    other = responses.expectation
    if other is not None and not fixed:
        names = {item: other.instrument.column("expectation", partner) for item, partner in responses.matches.items()}
        sides.append(_Side(other, ("E",), {"E": names}, 1))
    return sides


def _part_strata(table: pd.DataFrame, designs: Sequence[SampleDesign]) -> None:
    """Keeps the strata of two files apart, unless they come from the same drawn clusters.

    A shared name does not show a shared draw: where populations are given the visited clusters must be the same ones.
    """
    if len(designs) < 2:
        return
    first, second = designs
    same = bool(first.stages) and (first.strata, first.stages) == (second.strata, second.stages)
    units = [set(map(tuple, table.loc[table["source"] == s, ["stratum", "cluster"]].to_numpy())) for s in (0, 1)]
    if first.population is None and second.population is None:
        same = same and bool(units[0] & units[1])
    else:
        same = same and first.population == second.population and units[0] == units[1]
    if not same:
        form = np.where(table["source"] == 1, "expectation ", "perception ")
        table["stratum"] = [f"{name}{stratum}".strip() for name, stratum in zip(form, table["stratum"], strict=True)]


def _score_map(responses: Responses, measures: Sequence[Measure], fixed: bool) -> ScoreMap:
    items = list(responses.matches)
    only = {"expectation only": ("E",), "perception only": ("P",)}.get(responses.pairing, ("P", "E"))
    letters = ("P",) if fixed else only
    paired = responses.pairing == "paired"
    weights = np.array([measure.weights for measure in measures], dtype=np.int64).T
    k, m = weights.shape
    blocks = np.zeros((k * len(letters), m * len(letters)), dtype=np.int64)
    for place in range(len(letters)):
        blocks[place * k : (place + 1) * k, place * m : (place + 1) * m] = weights
    names = [f"{measure.what}:{measure.id}" for measure in measures]
    return ScoreMap(
        tuple(f"{letter}:{item}" for letter in letters for item in items),
        tuple(f"{letter}:{name}" for letter in letters for name in names),
        blocks,
        np.tile([float(measure.denominator) for measure in measures], len(letters)),
        tuple(name if paired and not fixed else f"{letter}:{name}" for letter in letters for name in names),
        np.full(k * len(letters), float(int(responses.instrument.scale.midpoint))),
    )
