"""Which items belong together, and what is known of them? Covariances per dimension and group, and errors of what follows.

A battery is the items of one form, in sets: one for each dimension and one of all. It comes from answers, under their sample
design, or from a matrix and n alone. What is computed from a set's covariance is a :class:`Coefficients`: values and slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from servqual.correlations import ItemMatrix, MissingRule, Of, side_of
from servqual.inference import (
    Again,
    Interval,
    Spread,
    Student,
    Taylor,
    Term,
    choose_interval,
    inside_one_cluster,
    within_one_cluster,
)
from servqual.moments import Block, Cells, Moments, ScoreMap, answer_matrix, margin_rows, row_weights
from servqual.psychometrics.coefficients import normal_variance
from servqual.remarks import kept_remark
from servqual.responses import Responses
from servqual.tabulation import check_split, narrow_remarks_of, split_columns
from survey_design.errors import SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Text

Array = NDArray[Any]

ALL = "all"
_CHUNK = 16_384  # rows that are turned into influence at a time: about what the second-level cache holds
ALL_WORDS: Text = {"en": "All items", "zh": "全部题项"}
_BASE: Mapping[str, Text] = {
    "listwise": {"en": "each row rests on respondents who answered all of its items",
                 "zh": "每行仅计入答完该行全部题项的受访者"},
    "pairwise": {"en": "each pair of items rests on those who answered both; n is the smallest pair",
                 "zh": "每对题项取两题均作答者；样本量为最小的一对"},
}  # fmt: skip


# --- nouns -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NormalTheory:
    """Answers are like draws from a normal distribution, respondents independent: the matrix and n are enough.

    Alpha has Feldt's interval, which is exact under equal covariances; omega and item-rest correlations have their
    large-sample normal error. The sample design is not counted. Where many answers lie at the end of the scale, all are too narrow.
    """

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """Refused: moments carry a design, which normal theory does not know."""
        raise SpecError(
            "normal theory reads a covariance and n. Use Student(), Taylor() or Bootstrap() for other estimates."
        )

    def sentence(self, language: str) -> str:
        """How the interval is made, in words."""
        if language == "zh":
            return "正态理论区间（α 用 Feldt 法）：受访者相互独立，不计抽样设计"
        return "normal theory (Feldt's for alpha): respondents independent, no sample design"


@dataclass(frozen=True, eq=False)
class ItemSet:
    """Items that are added up: those of a dimension, or all.

    Attributes
    ----------
    id, label : the dimension's, or :data:`ALL`
    places : (k,) positions of its items in the battery
    """

    id: str
    label: Text
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of one set of items in one group.

    Attributes
    ----------
    group : values of the split columns
    set : the items
    covariance : (k, k), nan where a pair was answered by nobody
    n, n_dropped : respondents it rests on (of the smallest pair), and those of the group whom no entry rests on
    forms : (2 k, 2 k) covariance of perceptions, then expectations, where the items are gaps; else None
    pairs : (3, k, k) weight of each pair, answers, and mean of the first item among them; None where a matrix was given
    """

    group: tuple[Any, ...]
    set: ItemSet
    covariance: Array
    n: int
    n_dropped: int
    forms: Array | None = None
    pairs: Array | None = None

    @property
    def k(self) -> int:
        """Number of items."""
        return len(self.covariance)


def nobody(summary: Summary) -> str:
    """The reason where no respondent is left: nobody answered, nobody all of the items, or nobody some pair of them."""
    if summary.pairs is not None and summary.pairs[1].any():
        return "no pair"
    return "no complete" if summary.n_dropped and summary.k > 1 else "nobody"


class Coefficients(Protocol):
    """m numbers that follow from a covariance."""

    def values(self, covariance: Array) -> Array:
        """(..., m) of (..., k, k) covariances; nan where one does not exist."""
        ...

    def slopes(self, covariance: Array) -> Array:
        """(m, k, k) symmetric derivatives at one covariance; nan where one does not exist."""
        ...


@dataclass(frozen=True, eq=False)
class Battery:
    """The items of one form, in sets, with a covariance for each set in each group.

    Attributes
    ----------
    items : (k,) ids
    words : labels of items, dimensions and :data:`ALL`
    sets, summaries : the sets; and one summary for each group and set, group by group
    of : "perception", "expectation" or "gap"
    by, by_columns : the split columns
    language : in which results show themselves
    remarks : base and missing rule in words
    matrix : the matrix it came from, None where it came from answers
    """

    items: tuple[str, ...]
    words: Mapping[str, Text]
    sets: tuple[ItemSet, ...]
    summaries: tuple[Summary, ...]
    of: Of
    language: Language
    remarks: tuple[Text, ...]
    by: tuple[str, ...] = ()
    by_columns: tuple[Column, ...] = ()
    matrix: ItemMatrix | None = None
    answers: _Answers | None = None
    moments: Moments | None = None

    @property
    def cautious(self) -> bool:
        """True where respondents were not all drawn with known probabilities."""
        return self.answers is not None and self.answers.side.design.selection != "probability"

    def interval(self, asked: Interval | None) -> Interval:
        """The interval asked for; by default normal theory for a matrix, which holds no more, and for answers what they show."""
        if self.answers is None:
            if asked is not None and not isinstance(asked, NormalTheory):
                raise SpecError(
                    f"interval={asked!r}: a matrix alone has neither rows nor clusters to learn from. Give the responses, or "
                    "leave interval= out."
                )
            return NormalTheory()
        return asked if isinstance(asked, NormalTheory) else choose_interval(self.answers.side.design, asked)

    def spreads(self, coefficients: Coefficients, interval: Interval) -> list[tuple[Spread, str]]:
        """For each summary the spread of its coefficients, and "one cluster" where respondents had to be the units."""
        slopes = [coefficients.slopes(each.covariance) for each in self.summaries]
        if isinstance(interval, NormalTheory) or self.answers is None or self.moments is None:
            return [(_normal_spread(each, slope), "") for each, slope in zip(self.summaries, slopes, strict=True)]
        return _Errors(self, self.answers, self.moments, coefficients, slopes, interval).spreads()

    def by_dimension(self) -> Battery:
        """Without the set of all items, where there are dimensions."""
        if len(self.sets) == 1:
            return self
        sets = tuple(each for each in self.sets if each.id != ALL)
        return replace(self, sets=sets, summaries=tuple(each for each in self.summaries if each.set.id != ALL))

    def narrow(self, spreads: Sequence[tuple[Spread, str]], interval: Interval) -> tuple[Text, ...]:
        """That few clusters carry the weight of some groups, in words."""
        if self.moments is None or isinstance(interval, (NormalTheory, Student)):
            return ()
        df = {each.group: spread.df for each, (spread, _) in zip(self.summaries, spreads, strict=True)}
        return narrow_remarks_of(self.moments, df, interval, self.by_columns)


def _normal_spread(summary: Summary, slopes: Array) -> Spread:
    variances = [normal_variance(slope, summary.covariance, summary.n) if summary.n > 1 else np.nan for slope in slopes]
    df = np.full(len(slopes), max(summary.n - 1, 0), dtype=float)
    return Spread(np.diag(np.array(variances, dtype=float)), df)


# --- from a matrix ---------------------------------------------------------------------------------------------


def battery_of(
    source: Responses | ItemMatrix,
    *,
    of: Of = "perception",
    by: str | Sequence[str] | None = None,
    missing: MissingRule = "listwise",
    taken: Sequence[str] = (),
) -> Battery:
    """The items of responses or of a matrix, in sets; ``taken`` are column names that ``by`` may not have."""
    if isinstance(source, ItemMatrix):
        if split_columns(by):
            raise SpecError("a matrix holds one group: by= needs the responses.")
        return _of_matrix(source)
    check_choice("of", of, Of)
    check_choice("missing", missing, MissingRule)
    side = side_of(source, of)
    split = split_columns(by)
    check_columns(split, side.columns, side.source.name)
    check_split(split, taken)
    return _of_answers(source, side, of, split, missing)


def _of_matrix(matrix: ItemMatrix) -> Battery:
    groups = {
        name: [j for j, own in enumerate(matrix.dimensions) if own == name]
        for name in sorted(matrix.dimension_ids, key=_reported_order(matrix))
    }
    labels = {name: matrix.dimension_labels.get(name, {"en": name, "zh": name}) for name in groups}
    sets = _sets(groups, labels, len(matrix.names))
    summaries = tuple(
        Summary((), each, matrix.covariance[np.ix_(each.places, each.places)],
                matrix.n if matrix.missing == "listwise" else int(matrix.n_pairs[np.ix_(each.places, each.places)].min()),
                matrix.n_dropped)
        for each in sets
    )  # fmt: skip
    words = {**dict(zip(matrix.names, matrix.labels, strict=True)), **{each.id: each.label for each in sets}}
    said: list[Text] = [
        {language: matrix.sentence(language).rstrip("。.") for language in ("en", "zh")},
        *matrix.remarks,
    ]
    if matrix.weighted:
        said.append({"en": "respondents are weighted, which these intervals leave out: give the responses",
                     "zh": "受访者已加权而区间未计入：请直接使用原始回答"})  # fmt: skip
    return Battery(matrix.names, words, sets, summaries, matrix.of, matrix.language, tuple(said), matrix=matrix)


def _reported_order(matrix: ItemMatrix) -> Callable[[str], int]:
    """The instrument's order of dimensions; where it is unknown, that of the items."""
    order = {name: place for place, name in enumerate(dict.fromkeys((*matrix.dimension_labels, *matrix.dimension_ids)))}
    return order.__getitem__


def _sets(groups: Mapping[str, Sequence[int]], labels: Mapping[str, Text], k: int) -> tuple[ItemSet, ...]:
    """One set for each dimension, and one of all reported items where that is another one."""
    own = [ItemSet(name, labels[name], tuple(places)) for name, places in groups.items() if len(places)]
    reported = tuple(place for each in own for place in each.places) or tuple(range(k))
    if len(own) != 1:
        own.append(ItemSet(ALL, ALL_WORDS, reported))
    return tuple(own)


# --- from answers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Answers:
    """The rows of a battery: k answers of one form, or perceptions and expectations beside each other for gaps."""

    side: Responses
    items: tuple[str, ...]
    of: Of
    by: tuple[str, ...]
    missing: MissingRule
    sets: tuple[ItemSet, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        return ("perception", "expectation") if self.of == "gap" else (self.of,)

    @cached_property
    def columns(self) -> list[str]:
        """(p,) columns of the file."""
        return [self.side.instrument.column(form, item) for form in self.forms for item in self.items]

    @property
    def width(self) -> int:
        """Columns of margins that errors need."""
        margins = self.side.design.margins
        return 0 if margins is None else 2 * margins.size

    def parts(self) -> Iterator[tuple[Array, Cells, Array | None, Array | None]]:
        """(n, p) answers with their cells, weights and margins, part by part."""
        design = self.side.design
        for frame in self.side.frames([*self.by]):
            answers, weight = answer_matrix(frame, self.columns), row_weights(frame, design)
            yield answers, Cells.of(frame, design, self.by), weight, margin_rows(frame, design)

    def values(self, answers: Array) -> Array:
        """(n, k) what is scored: the answers, or their differences; nan where missing."""
        whole = answers.astype(np.float64)
        k = len(self.items)
        return whole[:, :k] - whole[:, k:] if self.of == "gap" else whole

    @cached_property
    def score_map(self) -> ScoreMap:
        """Items of each set under its own mask; with "pairwise", items once and each under its own."""
        k, p = len(self.items), len(self.columns)
        signs = ((1, -1), (1, 0), (0, 1)) if self.of == "gap" else ((1,),)
        names, masks, weights = [], [], []
        for owner, places in self._owners():
            for kind, sign in enumerate(signs):
                for place in places:
                    column = np.zeros(p, dtype=np.int64)
                    column[place::k] = sign
                    names.append(f"{owner} {kind} {self.items[place]}")
                    masks.append(owner or self.items[place])
                    weights.append(column)
        middle = float(int(self.side.instrument.scale.midpoint))
        return ScoreMap(tuple(self.columns), tuple(names), np.array(weights).T, np.ones(len(names)), tuple(masks),
                        np.full(p, middle))  # fmt: skip

    def _owners(self) -> list[tuple[str, tuple[int, ...]]]:
        """Which scores share a mask: those of a set, or, where pairs are taken, none."""
        if self.missing == "listwise":
            return [(f"set {each.id}", each.places) for each in self.sets]
        return [("", tuple(range(len(self.items))))]

    def places(self, chosen: ItemSet, kind: int = 0) -> Array:
        """(k,) positions of a set's scores: of what is scored (0), of perceptions (1) and expectations (2) behind gaps."""
        owner = f"set {chosen.id}" if self.missing == "listwise" else ""
        return np.array([self.score_map.scores.index(f"{owner} {kind} {self.items[place]}") for place in chosen.places])


def _of_answers(responses: Responses, side: Responses, of: Of, by: tuple[str, ...], missing: MissingRule) -> Battery:
    instrument = side.instrument
    reported = [item for item in instrument.items if item.dimension] or list(instrument.items)
    items = tuple(item.id for item in reported)
    groups = {d.id: [k for k, item in enumerate(reported) if item.dimension == d.id] for d in instrument.dimensions}
    sets = _sets(groups, {d.id: d.label for d in instrument.dimensions}, len(items))
    answers = _Answers(side, items, of, by, missing, sets)
    every = np.ones(len(answers.columns), dtype=bool)
    blocks = (Block(rows, every, cells, weight, margins) for rows, cells, weight, margins in answers.parts())
    moments = Moments.from_blocks(blocks, answers.score_map, answers.width)
    domains = moments.domains if by else [()]
    summaries = tuple(_summary(answers, moments, domain, each) for domain in domains for each in sets)
    said = [_BASE[missing], kept_remark(side)]
    if moments.weighted:
        said.append({"en": "respondents count by their weights", "zh": "受访者按权数计入"})
    words = {**instrument.words(), ALL: ALL_WORDS}
    columns = tuple(responses.column_of(name) for name in by)
    return Battery(
        items, words, sets, summaries, of, responses.language, tuple(said), by, columns, None, answers, moments
    )


def _summary(answers: _Answers, moments: Moments, domain: tuple[Any, ...], chosen: ItemSet) -> Summary:
    inside = moments.in_domain(domain)
    gram, count = moments.total(inside), moments.total(inside, 0)
    own = answers.places(chosen)
    weight, number = (_at_masks(stack, moments.map, own) for stack in (gram, count))
    covariance, mean = covariance_of(gram, count, moments.map, own)
    forms = None
    if answers.of == "gap":
        both = np.r_[answers.places(chosen, 1), answers.places(chosen, 2)]
        forms, _ = covariance_of(gram, count, moments.map, both)
    n, rows = int(number.min().round()), int(count[0, 0].round())
    dropped = rows - int(number.max().round())
    return Summary(domain, chosen, covariance, n, dropped, forms, np.stack([weight, number, mean]))


def _at_masks(gram: Array, score_map: ScoreMap, scores: Array) -> Array:
    """(..., k, k) sums over those who have both scores."""
    mask = 1 + score_map.mask_of_score[scores]
    return gram[..., mask[:, None], mask]


def covariance_of(gram: Array, count: Array, score_map: ScoreMap, scores: Array) -> tuple[Array, Array]:
    """(..., k, k) covariance of some scores, divisor n − 1, and mean of each about the origin among those who have the other.

    ``gram`` (..., q, q) are weighted sums, possibly of many replicates; ``count`` (q, q) the answers.
    """
    mask, place = 1 + score_map.mask_of_score[scores], 1 + len(score_map.mask_names) + scores
    weight, number = gram[..., mask[:, None], mask], count[mask[:, None], mask]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = gram[..., place[:, None], mask] / weight
        raw = gram[..., place[:, None], place] / weight - mean * mean.swapaxes(-1, -2)
        return np.where(number > 1, raw * number / (number - 1), np.nan), mean


# --- errors under the sample design ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Errors:
    """A second pass over the rows: each becomes its influence on every coefficient, and these are summed by cluster."""

    battery: Battery
    answers: _Answers
    moments: Moments
    coefficients: Coefficients
    slopes: Sequence[Array]
    interval: Interval

    def spreads(self) -> list[tuple[Spread, str]]:
        second = Moments.from_blocks(self._blocks(), self._map, self.answers.width)
        rows = self._rows()
        return [self._spread(second, each, rows) for each in self.battery.summaries]

    @cached_property
    def _sizes(self) -> list[int]:
        """How many coefficients each set has."""
        return [len(slope) for slope in self.slopes[: len(self.battery.sets)]]

    @cached_property
    def _map(self) -> ScoreMap:
        names = [
            (f"set {each.id}", j) for each, m in zip(self.battery.sets, self._sizes, strict=True) for j in range(m)
        ]
        columns = tuple(f"{owner} {j}" for owner, j in names)
        size = len(columns)
        return ScoreMap(
            columns, columns, np.eye(size, dtype=np.int64), np.ones(size), tuple(o for o, _ in names), np.zeros(size)
        )

    @cached_property
    def _forms(self) -> dict[tuple[tuple[Any, ...], str], Array]:
        """(m, 2 k, 2 k) the quadratic form in a row's answers and masks that is its influence, by group and set."""
        return {(each.group, each.set.id): _influence_form(each, slope)
                for each, slope in zip(self.battery.summaries, self.slopes, strict=True)}  # fmt: skip

    def _blocks(self) -> Iterator[Block]:
        groups = list(dict.fromkeys(each.group for each in self.battery.summaries))
        place = {group: k for k, group in enumerate(groups)}
        every = np.ones(len(self._map.scores), dtype=bool)
        for answers, cells, weight, margins in self.answers.parts():
            group = np.array([place.get(domain, -1) for domain in cells.table["domain"]], dtype=int)[cells.code]
            out = np.full((len(answers), len(self._map.scores)), np.nan)
            for start in range(0, len(answers), _CHUNK):
                chunk = slice(start, start + _CHUNK)
                values = self.answers.values(answers[chunk])
                for k, label in enumerate(groups):
                    rows = np.flatnonzero(group[chunk] == k)
                    out[start + rows] = self._influence(values[rows], label)
            yield Block(out, every, cells, weight, margins)

    def _influence(self, values: Array, group: tuple[Any, ...]) -> Array:
        """(n, all coefficients) influence of the rows of one group; nan where a row says nothing of a set."""
        origin, listwise = float(self.moments.map.score_origin[0]), self.answers.missing == "listwise"
        out = []
        for each in self.battery.sets:
            own = values[:, list(each.places)] - origin
            given = ~np.isnan(own)
            speaks = np.asarray(given.all(axis=1) if listwise else given.any(axis=1))
            masks = np.ones((len(own), 1)) if listwise else given  # where all masks are 1, one column stands for them
            z = np.concatenate([np.where(given, own, 0.0), masks], axis=1)
            found = np.stack([((z @ form) * z).sum(axis=1) for form in self._short_forms[group, each.id]], axis=1)
            out.append(np.where(speaks[:, None], found, np.nan))
        return np.concatenate(out, axis=1)

    @cached_property
    def _short_forms(self) -> dict[tuple[tuple[Any, ...], str], Array]:
        """The forms with 0 for what does not exist; without missing answers, of ``(x, 1)`` instead of ``(x, m)``."""
        short = {key: np.nan_to_num(forms) for key, forms in self._forms.items()}
        if self.answers.missing == "pairwise":
            return short
        return {key: _summed_masks(forms) for key, forms in short.items()}

    def _rows(self) -> tuple[Array | None, Array | None, Array | None]:
        """Answers, cells and weights of all rows, for replicates of respondents; None where rows are streamed."""
        if isinstance(self.interval, (Taylor, Student)) or self.answers.side.streamed:
            return None, None, None
        answers, cells, weight, _ = next(iter(self.answers.parts()))
        return answers, cells.code, weight

    def _spread(
        self, second: Moments, summary: Summary, rows: tuple[Array | None, Array | None, Array | None]
    ) -> tuple[Spread, str]:
        place = next(k for k, each in enumerate(self.battery.sets) if each.id == summary.set.id)
        start, m = sum(self._sizes[:place]), self._sizes[place]
        q, masks = second.first.shape[1], len(self._map.mask_names)
        coefficients = np.zeros((m, q))
        coefficients[np.arange(m), 1 + masks + start + np.arange(m)] = 1.0
        undefined: Array = np.asarray(np.isnan(self._forms[summary.group, summary.set.id]).any(axis=(1, 2)))
        coefficients[undefined] = 0.0
        term = Term(summary.group, coefficients, np.full((m, 1), 1 + place))
        if within_one_cluster(second, [summary.group]) or self._by_cluster:
            return _without(inside_one_cluster(second, [term]), undefined), "one cluster"
        spread = self.interval.spread(second, [term], self._again(summary, rows))
        return _without(spread, undefined), ""

    @property
    def _by_cluster(self) -> bool:
        stages = self.answers.side.design.stages
        return bool(stages) and stages[0] in self.battery.by

    def _again(self, summary: Summary, rows: tuple[Array | None, Array | None, Array | None]) -> Again:
        scores, count = self.answers.places(summary.set), self.moments.total(self.moments.in_domain(summary.group), 0)

        def values(sums: Callable[[Any], Array]) -> Array:
            covariance, _ = covariance_of(sums(summary.group), count, self.moments.map, scores)
            return self.coefficients.values(covariance)

        return Again(self.moments, *rows, True, values)


def _influence_form(summary: Summary, slopes: Array) -> Array:
    """(m, 2 k, 2 k) quadratic form in ``(x, m)``: answers about the origin (0 where missing) and masks.

    ``sum_ab G_ab f_ab/W_ab m_a m_b ((x_a − mean_ab)(x_b − mean_ba) − C_ab)`` with G a slope, W the weight of a pair, f the
    factor n/(n − 1), and C the covariance before it.
    """
    if summary.pairs is None:
        raise SpecError("influence needs the answers.")
    weight, number, mean = summary.pairs
    factor = number / np.maximum(number - 1, 1)
    forms = []
    for slope in slopes:
        h = slope * factor / np.where(weight > 0, weight, np.nan)
        moved = -h * mean.T
        level = h * (mean * mean.T - summary.covariance / factor)
        forms.append(np.block([[h, moved], [moved.T, level]]))
    return np.array(forms)


def _summed_masks(forms: Array) -> Array:
    """(m, k + 1, k + 1) forms of rows whose k masks are all 1."""
    k = forms.shape[1] // 2
    join = np.zeros((k + 1, 2 * k))
    join[:k, :k], join[k, k:] = np.eye(k), 1.0
    return np.asarray(join @ forms @ join.T)


def _without(spread: Spread, undefined: Array) -> Spread:
    """The spread with nan for coefficients that do not exist."""
    covariance = spread.covariance.copy()
    covariance[undefined, :], covariance[:, undefined] = np.nan, np.nan
    return Spread(covariance, spread.df, spread.lonely, spread.replicates)
