"""How far up does the same ruler reach? One step after the other, whatever is fitted on it.

A ladder knows its steps, fits one of them with some numbers freed, and tests one step against the one before. What is fitted
is another matter: likelihood in several groups or in two forms of the same people (:class:`LikelihoodLadder`), or ordered
answers (:class:`servqual.invariance.ordered.OrderedLadder`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from servqual.cfa.confirm import NotConverged, check_converged, check_identified
from servqual.cfa.fit import Sample, Solution, fit_ml
from servqual.cfa.indices import FitIndices, fit_indices
from servqual.cfa.model import Kind, ParameterTable
from servqual.cfa.modification import score_test
from servqual.cfa.start import start_values

Array = NDArray[Any]
Place = tuple[str, int, int]  # a kind of number, its row and its column

EQUAL: Mapping[str, tuple[Kind, ...]] = {
    "configural": (),
    "metric": ("loading",),
    "scalar": ("loading", "intercept"),
    "strict": ("loading", "intercept", "residual"),
}
_ALPHA = 0.05
FREED_AT: Mapping[str, str] = {
    "threshold": "thresholds",
    "loading": "metric",
    "intercept": "scalar",
    "residual": "strict",
}


@dataclass(frozen=True)
class Change:
    """What a step costs against the one before.

    Attributes
    ----------
    chi2, df, p : the test of the difference
    cfi, rmsea : this step's less that of the one before
    rmsea_d : RMSEA of the difference, ``sqrt(max(chi2 - df, 0) G / (n df))``; nan without degrees of freedom
    """

    chi2: float
    df: int
    p: float
    cfi: float
    rmsea: float
    rmsea_d: float


@dataclass(frozen=True)
class Limits:
    """When a step holds: the first one's least CFI, by how much CFI may fall and RMSEA rise in a step, and, where it is given, the
    RMSEA that a significant difference may have."""

    least_cfi: float
    worst_cfi: float
    worst_rmsea: float
    worst_rmsea_d: float | None = None

    def hold(self, fit: FitIndices, change: Change | None) -> bool:
        """Whether a step with this fit holds after the one before; without one, whether the ladder begins."""
        if change is None:
            return fit.cfi >= self.least_cfi
        far = self.worst_rmsea_d is not None and change.rmsea_d > self.worst_rmsea_d and change.p < _ALPHA
        return -change.cfi <= self.worst_cfi and not change.rmsea > self.worst_rmsea and not far


@dataclass(frozen=True, eq=False)
class Rung:
    """One step that was fitted: its fit, and the solution it comes from."""

    fit: FitIndices
    solution: Any


class Ladder(Protocol):
    """What can be climbed."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps from the bottom up."""
        ...

    @property
    def groups(self) -> int:
        """How many groups are fitted at once."""
        ...

    def fit(self, step: str, freed: Sequence[Place]) -> Rung:
        """A step with some places freed."""
        ...

    def freer(self, step: str, rung: Rung, freed: Sequence[Place]) -> Place | None:
        """The one place that had best be freed next, None where too few items would stay equal."""
        ...

    def difference(self, rung: Rung, before: Rung) -> tuple[float, float]:
        """Chi-square of the difference to the step before, and its p."""
        ...

    def named(self, place: Place) -> str:
        """How a place is written: ``care =~ c1``, ``c1 ~ 1``."""
        ...


@dataclass(frozen=True, eq=False)
class Climb:
    """What was found: a line per step, the solutions, the last step that holds, and what was freed on the way."""

    lines: list[dict[str, Any]]
    solutions: dict[str, Any]
    reached: str
    freed: tuple[str, ...]


def climb(ladder: Ladder, limits: Limits, *, partial: bool) -> Climb:
    """Step after step; those after one that fails are fitted for the table, but not judged."""
    lines: list[dict[str, Any]] = []
    solutions: dict[str, Any] = {}
    freed: list[Place] = []
    reached, before, open_ = "none", None, True
    for step in ladder.steps:
        try:
            rung = ladder.fit(step, freed)
        except NotConverged:
            lines.append({**_line(step, None, None), "holds": "no", "reason": "not converged"})
            break
        change = _change(ladder, rung, before)
        holds = limits.hold(rung.fit, change)
        if partial and open_ and not holds and before is not None:
            rung, change, freed, holds = _freeing(ladder, step, rung, freed, before, limits)
        solutions[step] = rung.solution
        lines.append({**_line(step, rung, change), **_said(open_, holds, step, freed)})
        open_ = open_ and holds
        reached = step if open_ else reached
        before = rung
    return Climb(lines, solutions, reached, tuple(ladder.named(place) for place in freed))


def _change(ladder: Ladder, rung: Rung, before: Rung | None) -> Change | None:
    """What a step costs; None for the first."""
    if before is None:
        return None
    chi2, p = ladder.difference(rung, before)
    df, nan = rung.fit.df - before.fit.df, float("nan")
    rmsea_d = float(np.sqrt(max(chi2 - df, 0.0) * ladder.groups / (rung.fit.n * df))) if df > 0 else nan
    return Change(chi2, df, p, rung.fit.cfi - before.fit.cfi, rung.fit.rmsea - before.fit.rmsea, rmsea_d)


def _said(open_: bool, holds: bool, step: str, freed: Sequence[Place]) -> dict[str, str]:
    """Verdict of a step, where none before it failed."""
    if not open_:
        return {"reason": "open"}
    own = any(FREED_AT[kind] == step for kind, *_ in freed)
    return {"holds": "partial" if holds and own else "yes" if holds else "no"}


def _freeing(
    ladder: Ladder, step: str, rung: Rung, freed: list[Place], before: Rung, limits: Limits
) -> tuple[Rung, Change | None, list[Place], bool]:
    """Free the number that fits worst, again and again, while each factor keeps two equal items."""
    tried, now = list(freed), rung
    while (place := ladder.freer(step, now, tried)) is not None:
        tried = [*tried, place]
        try:
            now = ladder.fit(step, tried)
        except NotConverged:  # the step stays as it was before anything was freed: it fails
            break
        change = _change(ladder, now, before)
        if limits.hold(now.fit, change):
            return now, change, tried, True
    return rung, _change(ladder, rung, before), freed, False


def _line(step: str, rung: Rung | None, change: Change | None) -> dict[str, Any]:
    """One row of the table; nan where a step has no fit or nothing to be compared with."""
    nan = float("nan")
    fit = rung.fit if rung else None
    names = ("chi2", "df", "p", "cfi", "rmsea", "rmsea_low", "rmsea_high", "srmr")
    changes = ("chi2", "df", "p", "cfi", "rmsea")
    return {
        "step": step,
        "parameters": fit.n_parameters if fit else nan,
        **{name: getattr(fit, name) if fit else nan for name in names},
        **{f"delta_{name}": getattr(change, name) if change else nan for name in changes},
        "rmsea_d": change.rmsea_d if change else nan,
        "holds": "",
        "reason": "nothing to test"
        if change and change.df == 0
        else "no test"
        if change and np.isnan(change.chi2)
        else "",
    }


# --- by likelihood -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LikelihoodLadder:
    """Configural, metric, scalar, strict by maximum likelihood.

    Attributes
    ----------
    base : the model of one group or one form, without means: what places speak of
    samples : covariances and means, one per group; forms of the same people are one group of twice the items
    tied : the table of a step from the kinds held equal and the places freed
    tests : (c,) chi-square that each place would gain if it were freed
    """

    base: ParameterTable
    samples: tuple[Sample, ...]
    tied: Callable[[tuple[Kind, ...], Sequence[Place]], ParameterTable]
    tests: Callable[[Solution, Sequence[Place]], Array]

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(EQUAL)

    @property
    def groups(self) -> int:
        return len(self.samples)

    def fit(self, step: str, freed: Sequence[Place]) -> Rung:
        table = self.tied(EQUAL[step], freed)
        solution = fit_ml(table, self.samples, start_values(table, self.samples))
        check_converged(solution)
        check_identified(solution)
        return Rung(fit_indices(solution), solution)

    def freer(self, step: str, rung: Rung, freed: Sequence[Place]) -> Place | None:
        places = may_be_freed(self.base, EQUAL[step][-1], freed)
        return places[int(np.argmax(self.tests(rung.solution, places)))] if places else None

    def difference(self, rung: Rung, before: Rung) -> tuple[float, float]:
        from scipy.special import chdtrc

        chi2, df = rung.fit.chi2 - before.fit.chi2, rung.fit.df - before.fit.df
        return chi2, float(chdtrc(df, max(chi2, 0.0))) if df > 0 else float("nan")

    def named(self, place: Place) -> str:
        return named_place(self.base, place)


def may_be_freed(table: ParameterTable, kind: str, freed: Sequence[Place]) -> list[Place]:
    """Places of a kind that are still equal, and whose factor keeps two items that are equal everywhere.

    The first item of a factor sets its unit and keeps its loading, and so its thresholds where answers are ordered.
    """
    loads = table.of_kind("loading")
    of_item = {int(row): int(column) for row, column in zip(table.row[loads], table.column[loads], strict=True)}
    markers = {int(row) for row in table.row[loads & (table.free < 0)]}
    touched = {row for _, row, _ in freed}
    apart = {row for own, row, _ in freed if own == "threshold"}
    clean: dict[int, int] = {}
    for item, factor in of_item.items():
        clean[factor] = clean.get(factor, 0) + (item not in touched)
    found: list[Place] = []
    for item, factor in of_item.items():
        place: Place = (kind, item, factor if kind == "loading" else item)
        unit = kind in ("loading", "threshold") and item in markers
        if unit or item in apart or place in freed or (item not in touched and clean[factor] <= 2):
            continue
        found.append(place)
    return found


def equality_tests(solution: Solution, places: Sequence[Place]) -> Array:
    """(c,) how much chi-square would fall if a number were freed in the group where that helps most (score tests)."""
    lines: Any = list(places)
    found = [score_test(solution, lines, group)[0] for group in range(solution.table.groups)]
    return np.asarray(np.max(found, axis=0))


def named_place(table: ParameterTable, place: Place) -> str:
    """How a place is written, as in lavaan; ``c1 | t`` for all thresholds of an item."""
    kind, row, column = place
    names = {"loading": f"{table.factors[column] if kind == 'loading' else ''} =~ {table.items[row]}",
             "intercept": f"{table.items[row]} ~ 1", "residual": f"{table.items[row]} ~~ {table.items[row]}",
             "threshold": f"{table.items[row]} | t"}  # fmt: skip
    return names[kind]
