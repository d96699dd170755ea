"""Who says what of each item? Customers, managers, standards, inspections and promises, brought to one set of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.diagnosis.chain import CHAIN, LEVELS, Level, LevelRows, Part, delivered, standard_and_delivered
from servqual.diagnosis.levels import ItemLevels
from servqual.gaps import GapScores, score_gaps
from servqual.inference import Adjust, Interval, Spread, Term, independent, inside_one_cluster, within_one_cluster
from servqual.instruments import Instrument
from servqual.measures import Basis, Measure, plan_measures
from servqual.responses import Responses, match_items
from servqual.shares import mean_term
from servqual.tabulation import suited_interval
from survey_design.errors import SpecError
from survey_design.results import Text

Array = NDArray[Any]
_AT = {name: k for k, name in enumerate(LEVELS)}

SOURCES: Mapping[Level, Text] = {
    "expected": {"en": "expected (E)", "zh": "顾客期望（E）"},
    "believed": {"en": "believed by managers (B)", "zh": "管理者认知（B）"},
    "standard": {"en": "standard (S)", "zh": "服务标准（S）"},
    "delivered": {"en": "delivered (D)", "zh": "实际提供（D）"},
    "perceived": {"en": "perceived (P)", "zh": "顾客感知（P）"},
    "promised": {"en": "promised (A)", "zh": "对外承诺（A）"},
}


@dataclass(frozen=True, eq=False)
class Sources:
    """Everything that was measured, item by item.

    Attributes
    ----------
    responses : customers
    managers : what customers expect, as managers believe; None where they were not asked
    standards, kept, promises : levels per item, the second as shares
    level, adjust : of the customers' own gaps
    floor : the service where nothing of a standard is kept; None for the scale's lowest
    known : rows that were computed before, by their items
    """

    responses: Responses
    managers: Responses | None
    standards: ItemLevels | None
    kept: ItemLevels | None
    promises: ItemLevels | None
    level: float = 0.95
    adjust: Adjust = "holm"
    floor: float | None = None
    known: dict[tuple[str, ...], Rows] = field(default_factory=dict, repr=False)

    @property
    def lowest(self) -> float:
        """The service where nothing of a standard is kept."""
        return float(self.instrument.scale.low) if self.floor is None else float(self.floor)

    @property
    def instrument(self) -> Instrument:
        """The customers' instrument, whose items and dimensions are the rows."""
        return self.responses.instrument

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Every item of the customers, in the instrument's order."""
        return tuple(each.id for each in self.instrument.items if each.id in self.responses.matches)

    @cached_property
    def asked_managers(self) -> Mapping[str, str]:
        """Item -> the managers' item."""
        if self.managers is None:
            return {}
        return match_items(self.instrument, self.managers.instrument)

    @cached_property
    def measured(self) -> Mapping[Level, frozenset[str]]:
        """The items that have each level."""
        pairing, every = self.responses.pairing, frozenset(self.items)
        standard = frozenset(() if self.standards is None else self.standards.items) & every
        kept = frozenset(() if self.kept is None else self.kept.items)
        return {
            "expected": frozenset() if pairing == "perception only" else every,
            "believed": frozenset(self.asked_managers) & every,
            "standard": standard,
            "delivered": standard & kept,
            "perceived": frozenset() if pairing == "expectation only" else every,
            "promised": frozenset(() if self.promises is None else self.promises.items) & every,
        }

    def with_levels(self, levels: Sequence[Level]) -> tuple[str, ...]:
        """The items that have all of these levels, in order."""
        return tuple(item for item in self.items if all(item in self.measured[level] for level in levels))

    @cached_property
    def chain(self) -> tuple[Level, ...]:
        """The levels of the waterfall that anything was measured of, in order."""
        return tuple(level for level in CHAIN if self.measured[level])

    def rows(self, items: tuple[str, ...]) -> Rows:
        """The six levels of these items, their dimensions and the mean of dimensions; computed once."""
        if items not in self.known:
            self.known[items] = self._rows(items)
        return self.known[items]

    def _rows(self, items: tuple[str, ...]) -> Rows:
        customers = self.responses._with(matches={item: self.responses.matches[item] for item in items})
        both = customers.pairing in ("paired", "independent")
        measures = tuple(each for each in plan_measures(self.instrument, list(items), "dimensions", None)
                         if (each.what, each.id) != ("total", "sum"))  # fmt: skip
        value, n = np.full((len(measures), len(LEVELS)), np.nan), np.zeros((len(measures), len(LEVELS)))
        parts = [self._answers(customers, measures, {"E": "expected", "P": "perceived"}, value, n)]
        if self.managers is not None and set(items) <= self.measured["believed"]:
            theirs = {self.asked_managers[item]: self.asked_managers[item] for item in items}
            parts.append(self._answers(self.managers._with(matches=theirs), measures, {"E": "believed"}, value, n))
        weight = np.array([each.weights for each in measures]) / np.array([[each.denominator] for each in measures])
        parts += self._standards(items, weight, value, n) + self._promises(items, weight, value, n)
        return Rows(measures, LevelRows(value, n, tuple(parts)), customers if both else None, self._lift(items, weight),
                    self.level, self.adjust)  # fmt: skip

    def _lift(self, items: Sequence[str], weight: Array) -> Array:
        """(r,) how far delivered levels rise where keeping nothing of a standard gave one point more: ``Σ w (1 − kept)``."""
        if self.kept is None or not set(items) <= self.measured["delivered"]:
            return np.full(len(weight), np.nan)
        return np.asarray(weight @ (1 - self.kept.chosen(items)[0]))

    def _answers(
        self, responses: Responses, measures: tuple[Measure, ...], names: Mapping[str, Level], value: Array, n: Array
    ) -> Part:
        """Means of respondents, written into value and n, and their errors."""
        basis = Basis.of(responses, measures, (), None, None)
        spread, means, counts = respondent_means(basis, suited_interval(responses, None))
        at = [_AT[names[letter]] for letter in basis.forms]
        m = len(measures)
        part = _no_error(m)
        for a, row in enumerate(at):
            value[:, row], n[:, row] = means[a], counts[a]
            part.df[:, row] = spread.df[a * m : (a + 1) * m]
            for b, column in enumerate(at):
                block = spread.covariance[a * m : (a + 1) * m, b * m : (b + 1) * m]
                part.covariance[:, row, column] = np.diagonal(block)
        return part

    def _standards(self, items: Sequence[str], weight: Array, value: Array, n: Array) -> list[Part]:
        """What the standards, and with them the inspections, bring."""
        if self.standards is None or not set(items) <= self.measured["standard"]:
            return []
        standard, covariance, df, count = self.standards.chosen(items)
        s, d, k, low = _AT["standard"], _AT["delivered"], len(items), self.lowest
        value[:, s], n[:, s] = weight @ standard, _least(weight, count)
        if self.kept is None or not set(items) <= self.measured["delivered"]:
            part = _no_error(len(weight))
            part.covariance[:, s, s], part.df[:, s] = _within(weight, covariance), _least(weight, df)
            return [part]
        kept, kept_covariance, kept_df, visits = self.kept.chosen(items)
        value[:, d], n[:, d] = weight @ delivered(low, standard, kept), _least(weight, visits)
        parts = []
        both = standard_and_delivered(low, standard, kept, covariance, kept_covariance)
        for matrix, own, levels in ((both[0], df, (s, d)), (both[1], kept_df, (d,))):
            part = _no_error(len(weight))
            blocks = {s: slice(0, k), d: slice(k, 2 * k)}
            for row in levels:
                part.df[:, row] = _least(weight, own)
                for column in levels:
                    part.covariance[:, row, column] = _within(weight, matrix[blocks[row], blocks[column]])
            parts.append(part)
        return parts

    def _promises(self, items: Sequence[str], weight: Array, value: Array, n: Array) -> list[Part]:
        if self.promises is None or not set(items) <= self.measured["promised"]:
            return []
        promised, covariance, df, count = self.promises.chosen(items)
        a, part = _AT["promised"], _no_error(len(weight))
        value[:, a], n[:, a] = weight @ promised, _least(weight, count)
        part.covariance[:, a, a], part.df[:, a] = _within(weight, covariance), _least(weight, df)
        return [part]


@dataclass(frozen=True, eq=False)
class Rows:
    """The levels of some items.

    Attributes
    ----------
    measures : which rows they are
    levels : their levels
    customers : their answers to these items, where both forms were answered
    lift : (r,) how far the delivered level rises for a point more of the floor; nan where nothing was inspected
    level, adjust : of the customers' own gaps
    """

    measures: tuple[Measure, ...]
    levels: LevelRows
    customers: Responses | None
    lift: Array
    level: float
    adjust: Adjust

    @cached_property
    def gaps(self) -> GapScores | None:
        """The customers' own gaps, where both forms were answered; scored when a row of them is asked for."""
        return None if self.customers is None else score_gaps(self.customers, level=self.level, adjust=self.adjust)


def _no_error(rows: int) -> Part:
    return Part(np.zeros((rows, len(LEVELS), len(LEVELS))), np.full((rows, len(LEVELS)), np.inf))


def _within(weight: Array, covariance: Array) -> Array:
    """(r,) variance, or covariance, of weighted sums of items; a row without an unknown error is not touched by one."""
    out = np.empty(len(weight))
    for r, row in enumerate(weight):
        used = np.flatnonzero(row)
        out[r] = row[used] @ covariance[np.ix_(used, used)] @ row[used]
    return out


def _least(weight: Array, numbers: Array) -> Array:
    """(r,) least of the numbers of the items that a row is made of."""
    return np.array([numbers[row > 0].min() for row in weight])


def respondent_means(basis: Basis, interval: Interval) -> tuple[Spread, list[Array], list[Array]]:
    """Means of every measure in each form, (m,) each, their answers, and the covariance of all of them, form after form.

    :class:`~servqual.measures.Basis` has the influence of P − E; here both forms stand by themselves, so that managers and
    inspectors can be set against either.
    """
    moments, m = basis.moments, len(basis.measures)
    size, denominator = len(basis.forms) * m, np.array([float(each.denominator) for each in basis.measures])
    origin = np.array([moments.map.origin[0] * sum(each.weights) / each.denominator for each in basis.measures])
    means, counts, used = [], [], []
    by_source: dict[Any, Array] = {}
    for place, letter in enumerate(basis.forms):
        names = [f"{letter}:{each.what}:{each.id}" for each in basis.measures]
        mask, score = (np.array([find(name) for name in names]) for find in (moments.mask_index, moments.score_index))
        domain = next(each for each in moments.domains if each[-1] == basis.sources[letter])
        inside = moments.in_domain(domain)
        row = moments.sums(inside)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = row[score] / row[mask]
        term = mean_term(domain, len(row), mask, score, row[mask], mean)
        whole = by_source.setdefault(domain, np.zeros((size, len(row))))
        whole[place * m : (place + 1) * m] = term.coefficients / denominator[:, None]
        means.append(mean / denominator + origin)
        counts.append(moments.sums(inside, 0)[mask])
        used.append(term.used)
    together = np.concatenate(used)
    terms = [Term(domain, coefficients, together, sample=domain[-1]) for domain, coefficients in by_source.items()]
    return _spread(basis, terms, interval), means, counts


def _spread(basis: Basis, terms: Sequence[Term], interval: Interval) -> Spread:
    """Covariance of the forms' means; a file whose respondents all come from one cluster has these as its units."""
    lone = [term for term in terms if within_one_cluster(basis.moments, [term.domain])]
    if not lone:
        return interval.spread(basis.moments, terms)
    others = [term for term in terms if term not in lone]
    parts = [inside_one_cluster(basis.moments, lone)] + ([interval.spread(basis.moments, others)] if others else [])
    return independent(parts)


_ANSWERS = ("responses", "managers", "staff")
_MADE_BY = {"kept": "inspected_items()"}


def check_kinds(**given: Any) -> None:
    """Refuse a path or a table where answers or levels that were read are wanted, and say what reads them."""
    for name, found in given.items():
        wanted, verb = (
            (Responses, "read_responses()")
            if name in _ANSWERS
            else (ItemLevels, _MADE_BY.get(name, "read_item_levels()"))
        )
        if not (isinstance(found, wanted) or (found is None and name != "responses")):
            told = f"the path {str(found)!r}" if isinstance(found, (str, PathLike)) else f"a {type(found).__name__}"
            raise SpecError(f"{name}= takes what {verb} returns, not {told}.")


def check_sources(sources: Sources) -> None:
    """Refuse what can't be set beside the customers: another scale, no items in common, levels off the scale."""
    scale, managers = sources.instrument.scale, sources.managers
    if sources.responses.streamed:
        raise SpecError("a diagnosis needs all answers in memory: read them with read_responses().")
    if managers is not None:
        if "expectation" not in managers.forms:
            raise SpecError(
                f"{managers.source.name} holds no expectation answers: managers must say what customers expect (E_…)."
            )
        theirs = managers.instrument.scale
        if (theirs.low, theirs.high) != (scale.low, scale.high):
            raise SpecError(
                f"managers answered from {theirs.low} to {theirs.high}, customers from {scale.low} to {scale.high}: ask both on one scale."
            )
        if not sources.measured["believed"]:
            raise SpecError(
                f"managers ('{managers.instrument.name}') and customers ('{sources.instrument.name}') have no item in common."
            )
    if not scale.low <= sources.lowest < scale.high:
        raise SpecError(f"floor={sources.floor!r} must lie on the scale, from {scale.low} and below {scale.high}.")
    for name, levels in (("standards", sources.standards), ("kept", sources.kept), ("promises", sources.promises)):
        if levels is not None:
            _check_levels(name, levels, sources)


def _check_levels(name: str, levels: ItemLevels, sources: Sources) -> None:
    scale = sources.instrument.scale
    strange = [item for item in levels.frame["item"] if item not in {each.id for each in sources.instrument.items}]
    if strange:
        raise SpecError(
            f"{name} names unknown items: {', '.join(map(repr, strange))}. The instrument is '{sources.instrument.name}'."
        )
    if not set(levels.items) & set(sources.items):
        raise SpecError(f"{name} and the customers' answers have no item in common.")
    wanted = "share" if name == "kept" else "level"
    if levels.kind != wanted:
        raise SpecError(f"{name} must be a {wanted} per item, not a {levels.kind}: " + (
            "use inspected_items()." if wanted == "share" else "use read_item_levels()."))  # fmt: skip
    low, high = (0, 1) if wanted == "share" else (scale.low, scale.high)
    value = levels.frame["level"].to_numpy(float)
    off = levels.frame["item"][np.isfinite(value) & ~((value >= low - 1e-9) & (value <= high + 1e-9))]
    if len(off):
        raise SpecError(f"{name} of {', '.join(off)} lie outside {low}-{high}.")
