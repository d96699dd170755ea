"""What is scored: items, dimensions and totals as whole-number sums of answers, and the error of their gaps.

A gap in one row of a table is a mean of perceptions minus a mean of expectations. Both come from the same
moments; what differs between studies is which rows hold them: the same respondents (paired), other people
(independent samples), other people without the split column (one side serves every row), or nobody at all
(fixed expected levels).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
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
from servqual.moments import (
    NOT_STATED,
    PART,
    Block,
    Cells,
    Moments,
    ScoreMap,
    Substitution,
    answer_matrix,
    margin_rows,
    row_weights,
)
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Text, say
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
What = Literal["item", "dimension", "total"]
Rule = Literal["pairwise", "complete", "available"]
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
    "zh": "以下区间不是抽样误差范围：受访者并非全部按已知概率抽取。区间仅表示若受访者如同随机样本时偶然性留下的不确定范围，不含选择偏差。",
}
_EXACT_FLOAT32 = 2**24  # whole numbers below this are exact in float32
_FEW = 32
_WIDE = 100_000  # values between the lowest and the highest difference that are counted one by one
_POINT = 10**9  # importance shares are kept to nine decimals, as whole numbers
OWN = "own points"  # the answer column that holds a respondent's score under their own points
POINTS_MISS = 0.5  # a respondent's 100 points may miss 100 by rounding


@dataclass(frozen=True)
class Points:
    """Respondents' importance points: 100 of their own, given out over the dimensions.

    Attributes
    ----------
    columns : dimension -> column of the file that holds them
    source : number of that file
    own : True if every respondent's scores are weighted by their own points, False for mean points
    means : dimension -> mean points of those who gave usable ones
    n, n_dropped : respondents with usable points, and without
    """

    columns: Mapping[str, str]
    source: int
    own: bool
    means: Mapping[str, float]
    n: int
    n_dropped: int

    def read(self, frame: pd.DataFrame) -> Array:
        """(n, d) points as shares of their sum; nan throughout where they are incomplete, negative or miss 100."""
        return usable_points(frame, list(self.columns.values()))


def usable_points(frame: pd.DataFrame, columns: Sequence[str]) -> Array:
    """(n, d) points as shares of their sum; a row is nan unless its points are complete, not negative and sum to 100.

    >>> frame = pd.DataFrame({"a": [60, 60, -10], "b": [40, 37, 110]})
    >>> usable_points(frame, ["a", "b"]).tolist()
    [[0.6, 0.4], [nan, nan], [nan, nan]]
    """
    points = frame[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(float, copy=True)
    usable = (points >= 0).all(axis=1) & (np.abs(points.sum(axis=1) - 100) <= POINTS_MISS)
    points[~usable] = np.nan
    return points / points.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Measure:
    """A score of one respondent: ``sum_j weights[j] * answer_j / denominator`` over the items.

    Where everybody's own points weight a total, their score is one more answer column after the items.

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
    instrument: Instrument,
    items: Sequence[str],
    total: Total,
    importance: Mapping[str, float] | None,
    *,
    own_points: bool = False,
) -> tuple[Measure, ...]:
    """Items, dimensions and totals in the instrument's order.

    ``total="dimensions"`` averages dimension scores, so that every dimension counts the same;
    ``total="items"`` averages items. The sum runs over all reported items; with ``importance`` a weighted mean
    of dimensions is added, and with ``own_points`` one in which each respondent's own points weigh.
    """
    groups = dimension_items(instrument, items)
    reported = [k for members in groups.values() for k in members] or list(range(len(items)))
    size = len(items) + own_points
    measures = [Measure("item", name, _weights(size, {k: 1}), 1) for k, name in enumerate(items)]
    measures += [Measure("dimension", d, _weights(size, dict.fromkeys(m, 1)), len(m)) for d, m in groups.items()]
    if total == "dimensions" and groups:
        equal = dict.fromkeys(groups, 1)
        measures.append(_weighted_total("mean", size, groups, equal))
    else:
        measures.append(Measure("total", "mean", _weights(size, dict.fromkeys(reported, 1)), len(reported)))
    measures.append(Measure("total", "sum", _weights(size, dict.fromkeys(reported, 1)), 1))
    if own_points:
        measures.append(Measure("total", "weighted", _weights(size, {size - 1: 1}), 1))
    elif importance is not None:
        whole = sum(importance[name] for name in groups)
        points = {name: round(_POINT * importance[name] / whole) for name in groups}
        measures.append(_weighted_total("weighted", size, groups, points))
    return tuple(measures)


def dimension_items(instrument: Instrument, items: Sequence[str]) -> dict[str, list[int]]:
    """Positions of each dimension's items among ``items``; dimensions without any are left out."""
    groups = {d.id: [k for k, name in enumerate(items) if instrument.item(name).dimension == d.id]
              for d in instrument.dimensions}  # fmt: skip
    return {name: members for name, members in groups.items() if members}


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


@dataclass(frozen=True)
class Missing:
    """Who counts where answers are missing.

    Attributes
    ----------
    rule : "pairwise": every score rests on those who answered all it needs (both forms where people are paired);
        "complete": on those who answered every item; "available": a dimension score is the mean of the items answered
        (in both forms), where at least the share ``minimum`` of its items was; items themselves are never filled in
    minimum : between 0 and 1

    >>> Missing("available", 0.5).sentence("en")
    'missing answers: a dimension score is the mean of its items answered, if at least 50% of them were; items are not filled in'
    """

    rule: Rule = "pairwise"
    minimum: float = 0.5

    def __post_init__(self) -> None:
        check_choice("missing", self.rule, Rule)
        if not 0 < self.minimum <= 1:
            raise SpecError(
                f"minimum={self.minimum!r} is not a share above 0 and up to 1: 0.5 asks for half of the items."
            )

    def sentence(self, language: str, *, paired: bool = False) -> str:
        """The rule in words; where people are paired an item counts if it was answered in both forms."""
        both = {"en": " in both forms", "zh": "（两份问卷均答）"}[language] if paired else ""
        return say(_MISSING_WORDS[self.rule], language).format(share=f"{100 * self.minimum:g}%", both=both)

    def substitution(self, groups: Sequence[Sequence[int]], starts: Sequence[int], paired: bool) -> Substitution | None:
        """What stands in for missing answers: ``groups`` of items, each form beginning at one of ``starts``.

        Where the same people answered both forms, an item counts as answered if it was in both.
        """
        if self.rule != "available":
            return None
        tables = [tuple(tuple(start + k for k in members) for start in starts) for members in groups]
        tables = tables if paired else [(row,) for table in tables for row in table]
        return Substitution(tuple(tables), self.minimum)

    def filled(self, forms: Sequence[Array], groups: Sequence[Sequence[int]]) -> list[Array]:
        """The same people's answers to one or two forms with substitutes in place; nan where there is none."""
        size = forms[0].shape[1]
        rule = self.substitution(groups, [k * size for k in range(len(forms))], True)
        answers = np.concatenate(forms, axis=1)
        if rule is None:
            return list(forms)
        values, known = rule.apply(np.nan_to_num(answers), ~np.isnan(answers))
        return np.split(np.where(known, values, np.nan), len(forms), axis=1)

    def denominator(self, groups: Sequence[Sequence[int]]) -> int:
        """Common denominator of substitutes: means of 1 to k answers."""
        if self.rule != "available":
            return 1
        return lcm(*(number for members in groups for number in range(1, len(members) + 1)))


_MISSING_WORDS: Mapping[Rule, Text] = {
    "pairwise": {"en": "missing answers: each row rests on those who answered all that it needs",
                 "zh": "缺失回答：每行仅计入答完其所需全部题项者"},
    "complete": {"en": "missing answers: only respondents who answered every item count",
                 "zh": "缺失回答：仅计入答完全部题项的受访者"},
    "available": {"en": "missing answers: a dimension score is the mean of its items answered{both}, if at least {share} of them were; "
                        "items are not filled in",
                  "zh": "缺失回答：维度得分为已答题项{both}的均值（至少答 {share} 的题项），题项本身不作填补"},
}  # fmt: skip


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
        """Influence of the gap, own and shared, each domain once."""
        return tuple(_merged([(1.0, term) for term in (*self.terms, *self.shared)]))

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
class Differences:
    """How often each whole-number difference P - E occurs among paired respondents, per measure; additive.

    Attributes
    ----------
    tallies : "what:id" of a measure -> its distinct differences and how often each occurs
    """

    tallies: Mapping[str, tuple[Array, Array]]

    @classmethod
    def of(cls, forms: Sequence[Array], measures: Sequence[Measure], denominator: int) -> Differences:
        """Differences of (n, k) perceptions and expectations; substitutes are fractions with this common denominator."""
        perception, expectation = forms
        parts = [cls._of_part(perception[rows], expectation[rows], measures, denominator)
                 for rows in (slice(start, start + PART) for start in range(0, len(perception), PART))]  # fmt: skip
        return reduce(cls.__add__, parts)

    @classmethod
    def _of_part(
        cls, perception: Array, expectation: Array, measures: Sequence[Measure], denominator: int
    ) -> Differences:
        difference = np.ascontiguousarray((perception - expectation).T)
        size = len(difference)
        known = [measure for measure in measures if not any(measure.weights[size:])]  # own points are no whole numbers
        weights = np.array([measure.weights[:size] for measure in known], dtype=float)
        weights /= np.gcd.reduce(weights.astype(np.int64), axis=1)[:, None]
        single = difference.dtype.kind in "iub" and np.abs(weights).sum(axis=1).max() * 256 < _EXACT_FLOAT32
        several = np.flatnonzero((weights != 0).sum(axis=1) > 1)
        if single:  # one product for all scores of several items, exact in float32
            sums = list(weights[several].astype(np.float32) @ difference.astype(np.float32))
        else:  # what is missing in other items must not matter
            sums = [weights[k, weights[k] != 0] @ difference[weights[k] != 0] for k in several]
        whole = {k: difference[weights[k] != 0][0] for k in range(len(known)) if k not in several}
        whole |= dict(zip(several.tolist(), sums, strict=True))
        return cls({f"{measure.what}:{measure.id}": _tally(whole[k] * denominator if denominator > 1 else whole[k])
                    for k, measure in enumerate(known)})  # fmt: skip

    def __add__(self, other: Differences) -> Differences:
        """The counts of both parts."""
        return Differences({name: _added(mine, other.tallies[name]) for name, mine in self.tallies.items()})


def _tally(whole: Array) -> tuple[Array, Array]:
    """Distinct values and how often each occurs; nan is nobody."""
    if whole.dtype.kind == "f":
        whole = np.rint(whole[~np.isnan(whole)])
    if not len(whole):
        return np.zeros(0), np.zeros(0)
    low, high = int(whole.min()), int(whole.max())
    if high - low > _WIDE:
        return np.unique(whole, return_counts=True)
    if whole.dtype.itemsize == 1 and high - low < _FEW:  # single bytes are compared faster than they are looked up
        counts = np.array([np.count_nonzero(whole == value) for value in range(low, high + 1)])
    else:
        counts = np.bincount(whole.astype(np.intp) - low)
    values = np.flatnonzero(counts)
    return (values + low).astype(float), counts[values].astype(float)


def _added(mine: tuple[Array, Array], theirs: tuple[Array, Array]) -> tuple[Array, Array]:
    values, code = np.unique(np.concatenate([mine[0], theirs[0]]), return_inverse=True)
    return values, np.bincount(code, np.concatenate([mine[1], theirs[1]]), len(values))


@dataclass(frozen=True, eq=False)
class Basis:
    """Everything a gap table is computed from: moments, measures, and which cells serve which row.

    ``own`` are the sides ("P", "E") that have the split columns; ``shared`` the side that lacks them and serves
    every row, overall or matched by a column. ``sources`` and ``clusters`` give the number of a side's file and the
    file's cluster column. ``answers``, ``code`` and ``weight`` are the rows the moments were made
    from, for replicates that resample respondents; None where rows were streamed. ``differences`` counts the whole-number
    differences of paired respondents; ``ceiling`` holds for each item the weight of its expectations at the top of the
    scale, and of all of them.
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
    answers: Array | None
    code: Array | None
    weight: Array | None
    differences: Differences | None = None
    ceiling: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    missing: Missing = field(default_factory=Missing)
    points: Points | None = None

    @classmethod
    def of(
        cls,
        responses: Responses,
        measures: tuple[Measure, ...],
        by: tuple[str, ...],
        match: str | None,
        fixed: Array | None,
        *,
        missing: Missing | None = None,
        points: Points | None = None,
    ) -> Basis:
        """One pass over the answers of all files."""
        missing = missing or Missing()
        sides = _sides(responses, fixed is not None)
        own, match = _own_sides(sides, by, match)
        score_map = _score_map(responses, measures, fixed is not None, points)
        groups = list(dimension_items(responses.instrument, list(responses.matches)).values())
        groups = groups or [list(range(len(responses.matches)))]
        score_map = _with_substitutes(score_map, missing, groups, len(sides[0].letters) == 2)
        reader = _Reader(sides, tuple(own), by, match, score_map, measures, missing, points, groups)
        moments = Moments.from_blocks(reader.blocks(), score_map, reader.width)
        moments = replace(moments, cells=_parted_strata(moments.cells, [side.responses.design for side in sides]))
        letters = tuple(letter for side in own for letter in side.letters)
        other = "".join(side.letters[0] for side in sides if side not in own) or None
        sources = {letter: side.source for side in sides for letter in side.letters}
        clusters = {side.source: side.responses.design.stages[0] for side in sides if side.responses.design.stages}
        return cls(moments, measures, by, match, letters, other, sources, clusters, fixed, *reader.rows(),
                   reader.differences, reader.ceiling(), missing, points)  # fmt: skip

    @cached_property
    def labels(self) -> list[tuple[Any, ...]]:
        """Rows of the table: the split columns' values, in order of first appearance."""
        return list(dict.fromkeys(domain[1] for domain in self.moments.domains if domain[0] == "own"))

    @property
    def paired(self) -> bool:
        """True if the same respondents answered both forms: both scores of a measure then share one mask."""
        return "E" in self.sources and self.sources["E"] == self.sources.get("P")

    @property
    def forms(self) -> tuple[str, ...]:
        """The letters of the forms that are scored."""
        return tuple(self.sources)

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
        if self.points is not None and not self.points.own:
            self._add_error_of_points(shared, label)
        return Row(
            label,
            np.arange(len(self.measures)),
            np.asarray(expectation),
            means.get("P", none),
            tuple(pieces.term(domain, (label, domain[3])) for domain, pieces in terms.items()),
            tuple(pieces.term(domain, pieces.sample or ("shared", domain[0])) for domain, pieces in shared.items()),
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
        row, count = self.moments.sums(inside), self.moments.sums(inside, 0)
        mask, score = self._positions(letter)
        return row[mask], row[score] / self._denominators, count[mask]

    def _positions(self, letter: str) -> tuple[Array, Array]:
        """(m,) places of a side's masks and scores within ``z``."""
        return self._all_positions[letter]

    @cached_property
    def _all_positions(self) -> dict[str, tuple[Array, Array]]:
        return {letter: self._found(letter) for letter in self.forms}

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

    def _add_error_of_points(self, shared: dict[Any, _Pieces], label: tuple[Any, ...]) -> None:
        """Adds the influence that mean points have on the weighted total: who gives a dimension more points moves it.

        ``T = sum_d share_d gap_d`` over those who answered all that the total needs, so a respondent's shares s add
        ``sum_d (gap_d - T) (s_d - mean s_d) / weight``.
        """
        sums = {domain: self.moments.sums(self.moments.in_domain(domain))[None] for domain in self.moments.domains}
        mean, weight = self._mean_points(sums.__getitem__)
        gaps = self._gaps_behind_points(label, sums.__getitem__)
        pull = np.nan_to_num((gaps - (mean * gaps).sum(axis=1, keepdims=True))[0])
        k, scores, mask = self._weighted, *self._points_at
        for domain in self._points_domains:
            pieces = self._pieces(shared, domain)
            pieces.sample = (label, self._points.source) if domain[0] == "own" else None
            pieces.coefficients[k, scores] += pull / weight[0]
            pieces.coefficients[k, mask] -= pull @ mean[0] / weight[0]

    @property
    def _points(self) -> Points:
        if self.points is None:
            raise SpecError("nobody gave importance points.")
        return self.points

    @property
    def _weighted(self) -> int:
        """Position of the importance-weighted total."""
        return next(k for k, measure in enumerate(self.measures) if (measure.what, measure.id) == ("total", "weighted"))

    @property
    def _points_at(self) -> tuple[Array, int]:
        """Where in ``z`` the points of each dimension stand, and their mask."""
        names = [f"W:{name}" for name in self._points.columns]
        return np.array([self.moments.score_index(name) for name in names]), self.moments.mask_index(names[0])

    @property
    def _points_domains(self) -> list[Any]:
        """The domains of the file whose respondents gave the points."""
        return [domain for domain in self.moments.domains if self._source_of(domain) == self._points.source]

    def _mean_points(self, sums: Callable[[Any], Array]) -> tuple[Array, Array]:
        """(r, d) mean shares and (r,) weight of those who gave points, from (r, q) sums of every domain."""
        scores, mask = self._points_at
        rows = np.sum([sums(domain) for domain in self._points_domains], axis=0)
        return rows[:, scores] / rows[:, [mask]], rows[:, mask]

    def _gaps_behind_points(self, label: tuple[Any, ...], sums: Callable[[Any], Array]) -> Array:
        """(r, d) gap of each dimension in one row, over those who answered all that the weighted total needs."""
        names, k = list(self._points.columns), self._weighted
        size = np.array([self.measures[self._place(name)].denominator for name in names])
        base = self._domains(label, self.own[0])

        def mean(letter: str, parts: Mapping[Any, Array]) -> Array:
            mask = self._positions(letter)[0][k]
            scores = [self.moments.score_index(f"{letter}:part:{name}") for name in names]
            with np.errstate(invalid="ignore", divide="ignore"):
                if letter != self.shared:
                    total = np.sum(list(parts.values()), axis=0)
                    return total[:, scores] / total[:, [mask]] / size
                own = {d: sums(d)[:, self._positions(self.own[0])[0][k]] for d in base}
                weight = np.sum(list(own.values()), axis=0)
                mixed = [(own[d] / weight)[:, None] * part[:, scores] / part[:, [mask]] for d, part in parts.items()]
                return np.sum(mixed, axis=0) / size

        sides = {letter: mean(letter, {d: sums(d) for d in self._domains(label, letter)}) for letter in self.own}
        if self.shared:
            sides[self.shared] = mean(self.shared, {d: sums(("shared", d[2])) for d in base})
        fixed = None if self.fixed is None else (self.fixed - self._origin)[[self._place(name) for name in names]]
        return np.asarray(sides.get("P", 0.0) - (sides.get("E", 0.0) if fixed is None else fixed))

    def _place(self, dimension: str) -> int:
        return next(int(k) for k in self.index("dimension") if self.measures[k].id == dimension)

    @property
    def without_reference(self) -> Array:
        """(m,) True where no simple random sample compares: a group's total under mean points of people outside it too."""
        mean_points = self.points is not None and not self.points.own and bool(self.by)
        return np.array([mean_points and (m.what, m.id) == ("total", "weighted") for m in self.measures])

    def _source_of(self, domain: Any) -> int:
        """Number of the file whose rows are in a domain."""
        if domain[0] == "own":
            return int(domain[3])
        return self.sources[str(self.shared)]

    def spread(self, rows: Sequence[tuple[float, Row]], interval: Interval) -> tuple[Spread, bool]:
        """Spread of a signed sum of rows, and whether respondents had to be the units.

        Where what one file has on a row comes from a single cluster (or ``by`` is finer than clusters), there is
        nothing between clusters to learn from: its respondents are the units, and the statement is about that cluster.
        """
        if self.moments.margins is not None and not isinstance(interval, (Taylor, Student)):
            raise SpecError(
                "weights were calibrated, and replicates would have to be calibrated one by one: use Taylor()."
            )
        own = _merged([(sign, term) for sign, row in rows for term in row.terms])
        shared = _merged([(sign, term) for sign, row in rows for term in row.shared])
        served = [term for term in shared if term.coefficients.any()]
        lone = self._within_one_cluster(own)
        if not lone or isinstance(interval, Student):
            together = _merged([(1.0, term) for term in (*own, *served)])
            return interval.spread(self.moments, together, self._again(rows)), bool(lone)
        others = [term for term in (*own, *served) if term not in lone]
        parts = [inside_one_cluster(self.moments, lone)]
        if others:
            linear = interval if isinstance(interval, Taylor) else Taylor()
            parts.append(linear.spread(self.moments, others))
        return independent(parts), True

    def sides(self, labels: Sequence[tuple[Any, ...]]) -> list[list[list[Any]]]:
        """For each file the sides of one row, or of two that are compared: the domains that their people are in."""
        files: dict[int, list[list[Any]]] = {}
        for label in labels:
            for letter in {self.sources[letter]: letter for letter in self.own}.values():
                files.setdefault(self.sources[letter], []).append(self._domains(label, letter))
        if self.shared and len(labels) == 1:  # in a difference it serves both sides alike
            served = [("shared", domain[2]) for domain in self._domains(labels[0], self.own[0])]
            files.setdefault(self.sources[self.shared], []).append(served)
        return list(files.values())

    def margins_missed(self, sides: Sequence[SampleDesign]) -> float:
        """Largest distance between what the rows used add up to and what their weights were calibrated to, as a share."""
        if self.moments.margins is None:
            return 0.0
        target = np.concatenate([_totals(design) for design in sides])
        start = self.moments.first.shape[1]
        reached = self.moments.wide.sums()[start : start + len(target)]
        return float(np.max(np.abs(reached - target) / np.where(target != 0, np.abs(target), 1.0)))

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
        gap = np.array(means.get("P", zero) - expectation)
        if self.points is not None and not self.points.own:
            gap[:, self._weighted] += self._moved_by_points(label, sums)
        return gap

    def _moved_by_points(self, label: tuple[Any, ...], sums: Callable[[Any], Array]) -> Array:
        """(r,) what replicates' own mean points add to the weighted total under the sample's."""
        known = self._mean_points(lambda domain: self.moments.sums(self.moments.in_domain(domain))[None])[0]
        own = self._mean_points(lambda domain: sums(domain)[:, 0])[0]
        gaps = self._gaps_behind_points(label, lambda domain: sums(domain)[:, 0])
        return np.asarray(((own - known) * gaps).sum(axis=1))


@dataclass(eq=False)
class _Pieces:
    coefficients: Array
    masks: list[Array]
    sample: Any = None

    def uses(self, mask: Array) -> None:
        if not any(np.array_equal(mask, known) for known in self.masks):
            self.masks.append(mask)

    def term(self, domain: Any, sample: Any) -> Term:
        used = np.stack(self.masks, axis=1) if self.masks else np.zeros((len(self.coefficients), 0), dtype=int)
        return Term(domain, self.coefficients, used, sample)


def _merged(signed: Sequence[tuple[float, Term]]) -> list[Term]:
    """Terms of the same domain added up, so that their products meet; what each rests on is kept once."""
    merged: dict[Any, Term] = {}
    for sign, term in signed:
        known = merged.get(term.domain)
        if known is None:
            merged[term.domain] = replace(term, coefficients=sign * term.coefficients)
            continue
        new = [k for k in range(term.used.shape[1]) if not (known.used == term.used[:, [k]]).all(axis=0).any()]
        used = np.concatenate([known.used, term.used[:, new]], axis=1)
        merged[term.domain] = replace(known, coefficients=known.coefficients + sign * term.coefficients, used=used)
    return list(merged.values())


@dataclass(frozen=True, eq=False)
class _Side:
    """One file: which forms it brings and under which number."""

    responses: Responses
    letters: tuple[str, ...]
    items: Mapping[str, Mapping[str, str]]
    source: int

    def cells(self, frame: pd.DataFrame, by: Sequence[str], match: str | None, own: bool) -> Cells:
        """Cells of some of its rows, whose domain says which rows of the table they serve."""
        labels = [*(by if own else ()), *([match] if match else [])]
        stated = frame.assign(**{name: _stated(frame[name]) for name in labels if frame[name].hasnans})
        cells = Cells.of(stated, self.responses.design, labels, self.source)
        served = [(*label, "") if not match else label for label in cells.table["domain"]]
        domains = np.empty(len(served), dtype=object)
        domains[:] = [("own", label[:-1], label[-1], self.source) if own else ("shared", label[-1]) for label in served]
        return replace(cells, table=cells.table.assign(domain=domains))

    def columns(self, letter: str) -> list[str]:
        """The file's columns that hold the items of one form, in the order of the scores."""
        return list(self.items[letter].values())


def _totals(design: SampleDesign) -> Array:
    """(j,) what the weights of one file were calibrated to."""
    parts = () if design.margins is None else design.margins.parts
    return np.array([total for part in parts for total in part.totals])


def _own_sides(sides: Sequence[_Side], by: Sequence[str], match: str | None) -> tuple[list[_Side], str | None]:
    """The files that have the split columns, and the column that matches the other to them, where it is needed."""
    reserved = sorted(set(by) & RESERVED)
    if reserved:
        raise SpecError(f"by={', '.join(reserved)}: tables have a column of that name. Rename it in the data.")
    own = [side for side in sides if set(by) <= set(side.responses.columns)]
    if not own:
        for side in sides:
            check_columns(by, side.responses.columns, side.responses.source.name)
    if match:
        for side in sides:
            check_columns([match], side.responses.columns, side.responses.source.name)
    return own, match if len(own) < len(sides) else None


class _Reader:
    """One pass over the files: blocks for the moments, and what else must be counted on the way."""

    def __init__(
        self,
        sides: Sequence[_Side],
        own: tuple[_Side, ...],
        by: Sequence[str],
        match: str | None,
        score_map: ScoreMap,
        measures: Sequence[Measure],
        missing: Missing,
        points: Points | None,
        groups: Sequence[Sequence[int]],
    ) -> None:
        self.sides, self.own, self.by, self.match = sides, own, by, match
        self.map, self.measures, self.missing, self.points, self.groups = score_map, measures, missing, points, groups
        self.held: list[tuple[Array, Array | None, Cells]] = []
        known = [side.responses.design.margins for side in sides]
        self.sizes = [0 if margins is None else margins.size for margins in known]
        self.width = 2 * sum(self.sizes)
        self.streamed = False
        self.differences: Differences | None = None
        self.top: dict[int, Any] = {}

    def blocks(self) -> Iterator[Block]:
        """The answers of all files, block by block."""
        for side in self.sides:
            present = np.array([name[0] in side.letters or self._is_points(name, side) for name in self.map.answers])
            self.streamed |= side.responses.streamed
            for frame in side.responses.frames(self._columns(side)):
                answers = self._answers(side, frame, present)
                cells = side.cells(frame, self.by, self.match, side in self.own)
                weight = row_weights(frame, side.responses.design)
                self._count(side, answers, weight)
                if not self.streamed:
                    self.held.append((_spread_out(answers, present), weight, cells))
                yield Block(answers, present, cells, weight, self._margins(side, frame))

    def _margins(self, side: _Side, frame: pd.DataFrame) -> Array | None:
        """(n, width) the margins of one file's rows in their own columns, those of the other file 0."""
        own = margin_rows(frame, side.responses.design)
        if own is None:
            return None
        start = sum(self.sizes[: self.sides.index(side)])
        out, size = np.zeros((len(frame), 2, self.width // 2)), own.shape[1] // 2
        out[:, :, start : start + size] = own.reshape(len(frame), 2, size)
        return out.reshape(len(frame), self.width)

    def _columns(self, side: _Side) -> list[str]:
        """The columns of a file that are read."""
        points = [] if self.points is None or self.points.source != side.source else self.points.columns.values()
        split = [*(self.by if side in self.own else ()), *([self.match] if self.match else [])]
        return list(dict.fromkeys([*split, *points]))

    def _is_points(self, name: str, side: _Side) -> bool:
        return name[0] == "W" and self.points is not None and side.source == self.points.source

    def _answers(self, side: _Side, frame: pd.DataFrame, present: Array) -> Array:
        """(n, p) the answers of some rows of a file in the map's order, under the missing rule."""
        forms = [answer_matrix(frame, side.columns(letter)) for letter in side.letters]
        if self.missing.rule == "complete":
            forms = _complete_rows(forms)
        points = self.points
        if points is None or points.source != side.source:
            return forms[0] if len(forms) == 1 else np.concatenate(forms, axis=1)
        shares = points.read(frame)
        if not points.own:
            return np.concatenate([*forms, shares], axis=1)
        own = self._own_scores(forms, shares)
        return np.concatenate([part for pair in zip(forms, own, strict=True) for part in pair], axis=1)

    def _own_scores(self, forms: Sequence[Array], shares: Array) -> list[Array]:
        """(n, 1) for each form: dimension scores weighted by the respondent's own points."""
        values = [form.astype(float) for form in forms]
        if self.missing.rule == "available":
            values = self.missing.filled(values, self.groups)
        return [
            np.sum([shares[:, d] * value[:, members].mean(axis=1) for d, members in enumerate(self.groups)], axis=0)[
                :, None
            ]
            for value in values
        ]

    def _count(self, side: _Side, answers: Array, weight: Array | None) -> None:
        """Counts of differences between two forms, and of expectations at the top of the scale."""
        size = len(side.items[side.letters[0]])
        step = len(self.measures[0].weights)
        if "E" in side.letters:
            start = side.letters.index("E") * step
            self._count_top(side, answers[:, start : start + size], weight)
        if len(side.letters) == 2:
            forms = [answers[:, :size], answers[:, step : step + size]]
            if self.missing.rule == "available":
                forms = self.missing.filled([form.astype(float) for form in forms], self.groups)
            found = Differences.of(forms, self.measures, self.missing.denominator(self.groups))
            self.differences = found if self.differences is None else self.differences + found

    def _count_top(self, side: _Side, answers: Array, weight: Array | None) -> None:
        high = side.responses.instrument.scale.high
        for start in range(0, len(answers), PART):
            part = answers[start : start + PART]
            for k, there in enumerate((part == high, part == part)):
                w = None if weight is None else weight[start : start + PART]
                sums = np.count_nonzero(there, axis=0).astype(float) if w is None else w @ there
                self.top[k] = self.top.get(k, 0.0) + sums

    def ceiling(self) -> dict[str, tuple[float, float]]:
        """Item -> weight of the expectations at the top of the scale, and of all of them."""
        items = [name for side in self.sides if "E" in side.letters for name in side.items["E"]]
        return dict(zip(items, zip(self.top[0], self.top[1], strict=True), strict=True)) if self.top else {}

    def rows(self) -> tuple[Array | None, Array | None, Array | None]:
        """Answers, cells and weights of all rows, unless they were streamed."""
        if self.streamed or not self.held:
            return None, None, None
        answers = [part for part, _, _ in self.held]
        weights = [weight for _, weight, _ in self.held]
        weight = None if all(w is None for w in weights) else np.concatenate(
            [np.ones(len(part)) if w is None else w for part, w in zip(answers, weights, strict=True)])  # fmt: skip
        code = Cells.stacked([cells for _, _, cells in self.held]).code
        return answers[0] if len(answers) == 1 else np.concatenate(answers), code, weight


def _complete_rows(forms: Sequence[Array]) -> list[Array]:
    """The answers of one file with every row emptied that lacks any of them."""
    lacking = np.zeros(len(forms[0]), dtype=bool)
    for form in forms:
        lacking |= np.isnan(form).any(axis=1) if form.dtype.kind == "f" else False
    return [np.where(lacking[:, None], np.nan, form) for form in forms] if lacking.any() else list(forms)


def _spread_out(answers: Array, present: Array) -> Array:
    """(n, k) the answers among all that the map knows, nan where a file did not ask."""
    if present.all():
        return answers
    out = np.full((len(answers), len(present)), np.nan)
    out[:, present] = answers
    return out


def _with_substitutes(score_map: ScoreMap, missing: Missing, groups: Sequence[Sequence[int]], paired: bool) -> ScoreMap:
    letters = list(dict.fromkeys(name[0] for name in score_map.answers if name[0] != "W"))
    starts = [next(k for k, name in enumerate(score_map.answers) if name[0] == letter) for letter in letters]
    rule = missing.substitution(groups, starts, paired)
    if rule is None:
        return score_map
    single = [name.startswith("item:") or name[1:].startswith(":item:") for name in score_map.mask_names]
    return replace(score_map, substitute=replace(rule, filled=tuple(not one for one in single)))


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


def _parted_strata(table: pd.DataFrame, designs: Sequence[SampleDesign]) -> pd.DataFrame:
    """The cells with the strata of two files kept apart, unless they come from the same drawn clusters.

    A shared name does not show a shared draw: where populations are given the visited clusters must be the same ones.
    """
    if len(designs) < 2:
        return table
    first, second = designs
    same = bool(first.stages) and (first.strata, first.stages) == (second.strata, second.stages)
    units = [set(map(tuple, table.loc[table["source"] == s, ["stratum", "cluster"]].to_numpy())) for s in (0, 1)]
    if first.population is None and second.population is None:
        same = same and bool(units[0] & units[1])
    else:
        same = same and first.population == second.population and units[0] == units[1]
    if same:
        return table
    form = np.where(table["source"] == 1, "expectation ", "perception ")
    return table.assign(
        stratum=[f"{name}{stratum}".strip() for name, stratum in zip(form, table["stratum"], strict=True)]
    )


def _score_map(responses: Responses, measures: Sequence[Measure], fixed: bool, points: Points | None) -> ScoreMap:
    """Every measure of every form, then mean points as they were given."""
    items = [*responses.matches, *([OWN] if points is not None and points.own else [])]
    only = {"expectation only": ("E",), "perception only": ("P",)}.get(responses.pairing, ("P", "E"))
    letters = ("P",) if fixed else only
    paired = responses.pairing == "paired"
    given = [] if points is None or points.own else list(points.columns)
    # dimension scores once more, of those who answered all that the total under mean points needs
    parts = [measure for measure in measures if given and measure.what == "dimension" and measure.id in given]
    names = [f"{measure.what}:{measure.id}" for measure in measures] + [f"part:{measure.id}" for measure in parts]
    owners = names[: len(measures)] + ["total:weighted"] * len(parts)
    masks = [name if paired and not fixed else f"{letter}:{name}" for letter in letters for name in owners]
    measures = [*measures, *parts]
    weights = np.array([measure.weights for measure in measures], dtype=np.int64).T
    k, m = weights.shape
    blocks = np.zeros((k * len(letters) + len(given), m * len(letters) + len(given)), dtype=np.int64)
    for place in range(len(letters)):
        blocks[place * k : (place + 1) * k, place * m : (place + 1) * m] = weights
    blocks[k * len(letters) :, m * len(letters) :] = np.eye(len(given), dtype=np.int64)
    middle = float(int(responses.instrument.scale.midpoint))
    return ScoreMap(
        (*(f"{letter}:{item}" for letter in letters for item in items), *(f"W:{name}" for name in given)),
        (*(f"{letter}:{name}" for letter in letters for name in names), *(f"W:{name}" for name in given)),
        blocks,
        np.r_[np.tile([float(measure.denominator) for measure in measures], len(letters)), np.ones(len(given))],
        (*masks, *["W:points"] * len(given)),
        np.r_[np.full(k * len(letters), middle), np.zeros(len(given))],
    )
