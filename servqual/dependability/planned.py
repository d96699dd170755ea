"""How dependable would other numbers of visits, inspectors and stores be? The decision study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from servqual.dependability.facets import FacetLayout, column_label, decimals_for
from servqual.inference import NUMBER_COLUMNS
from survey_design.results import Column, Result, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Of = Literal["store", "chain"]
Kind = Literal["absolute", "relative"]

DESIGN_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "one chain": {
        "en": "one chain: its mean has an error, but a coefficient needs several chains (groups=)",
        "zh": "仅一个连锁：均值有误差，但可靠性系数需要多个连锁（groups=）",
    },
    "one inspector": {
        "en": "one inspector: how inspectors differ cannot be seen, so whether a store passes with another one is not known",
        "zh": "仅一名检查员，无法得知检查员间差异，换人后门店是否达标不得而知",
    },
    "no differences": {
        "en": "no differences beyond error were found: the coefficient is 0",
        "zh": "未发现超出误差的差异，系数为 0",
    },
}


@dataclass(frozen=True)
class VisitDesign:
    """Numbers of a planned study: per store, or of the whole chain.

    Attributes
    ----------
    visits : visits per store
    inspectors : different inspectors per store, in all for a chain
    stores : stores of the chain, 1 for a store
    items, occasions : items per visit, and occasions that the visits are spread over
    of : whose mean it is
    crossed : True if all stores see the same inspectors and occasions, so that their severity cancels in comparisons
    all_stores : True if every store of the chain is visited, so that stores themselves are no source of error
    inspected : False if the study names no inspectors
    """

    visits: int
    inspectors: int
    stores: int = 1
    items: int = 1
    occasions: int = 1
    of: Of = "store"
    crossed: bool = False
    all_stores: bool = False
    inspected: bool = True


def design_shares(layout: FacetLayout, design: VisitDesign) -> tuple[Array, Array, Array]:
    """(t + 1,) share of each variance in the universe score, in the relative error, and in the absolute error.

    Every term is divided by how many of its levels a mean is taken over. The absolute error has all terms but the object of
    measurement; the relative error leaves out what all objects share: items always, inspectors and occasions where ``crossed``.
    """
    universe, relative, absolute = (np.zeros(len(layout.keys)) for _ in range(3))
    for k, facets in enumerate([*(term.facets for term in layout.terms), layout.residual]):
        own = layout.terms[k].own if k < len(layout.terms) else ()
        if own == ("groups",) or (own == ("objects",) and design.of == "store"):
            universe[k] = 1.0
            continue
        if own == ("objects",):
            relative[k] = absolute[k] = 0.0 if design.all_stores else 1 / design.stores
            continue
        absolute[k] = 1 / _levels(facets, design, k == len(layout.terms))
        shared = "objects" not in facets and (design.crossed or facets == {"items"})
        relative[k] = 0.0 if shared else absolute[k]
    return universe, relative, absolute


def _levels(facets: frozenset[str], design: VisitDesign, residual: bool) -> float:
    """How many levels of a term one mean holds."""
    stores = design.stores if "objects" in facets else 1
    each = min(design.inspectors, design.visits)
    if residual or {"inspectors", "occasions"} <= facets:
        n = design.visits * design.stores
    elif "inspectors" in facets:
        n = each * stores if "objects" in facets else design.inspectors
    elif "occasions" in facets:
        n = design.occasions * stores
    else:
        n = stores
    return float(n * (design.items if "items" in facets else 1))


def dependability_coefficient(universe: Array, error: Array) -> Array:
    """``universe/(universe + error)``; 0 where there is neither.

    >>> dependability_coefficient(np.array([2.556]), np.array([1.019 / 4])).round(3).tolist()
    [0.909]
    """
    total = universe + error
    return np.divide(universe, total, out=np.zeros_like(total), where=total > 0)


def dependability_interval(
    variances: Array, generated: Array, drawn: Array, universe: Array, error: Array, shift: float, level: float
) -> tuple[float, float]:
    """Interval of a coefficient from simulated components.

    Parameters
    ----------
    variances, generated : (t + 1,) estimates, and what the simulation took for true
    drawn : (replicates, t + 1) estimates of the simulated studies
    universe, error : (t + 1,) shares of each variance
    shift : what the mean square behind the universe variance holds of other variances, in units of that variance

    Notes
    -----
    ``log((universe + shift)/error)`` is turned about its estimate (basic bootstrap): the logarithm of a ratio of mean squares, whose
    distribution about the truth hardly depends on the truth. For one way of classification it is the logarithm of F, and the
    interval the exact one up to the number of replicates.
    """

    def log_ratio(values: Array) -> Array:
        above, below = values @ universe + shift, values @ error
        found = np.where(above <= 0, -np.inf, np.inf)
        np.log(
            np.divide(above, below, out=np.ones_like(above), where=below > 0),
            out=found,
            where=(above > 0) & (below > 0),
        )
        return found

    centre, found = (float(log_ratio(each[None, :])[0]) for each in (generated, variances))
    if not np.isfinite(centre):
        return float("nan"), float("nan")
    found = found if np.isfinite(found) else centre  # an error below 0: as if it had been cut off
    tails = np.quantile(log_ratio(drawn) - centre, [(1 + level) / 2, (1 - level) / 2], method="inverted_cdf")
    with np.errstate(over="ignore"):
        odds = np.maximum(np.exp(found - tails) - shift / float(generated @ error), 0.0)
    low, high = (float(bound) for bound in 1 - 1 / (1 + odds))
    return low, high


@dataclass(frozen=True)
class Reliability:
    """What one design gives.

    Attributes
    ----------
    design : the numbers
    relative, absolute : Eρ² (who is better than whom) and Φ (does it pass), nan where undefined; with their bounds
    relative_error, absolute_error : standard errors of a mean, in points
    reason : why a coefficient is missing

    >>> design = VisitDesign(4, 4, crossed=True)
    >>> Reliability(design, 0.909, 0.68, 0.99, 0.62, 0.07, 0.93, 0.5, 1.25).sentence()
    '4 visits by 4 inspectors: Eρ² 0.91 (95% CI 0.68 to 0.99), Φ 0.62 (95% CI 0.07 to 0.93), standard error 1.25.'
    """

    design: VisitDesign
    relative: float
    relative_low: float
    relative_high: float
    absolute: float
    absolute_low: float
    absolute_high: float
    relative_error: float
    absolute_error: float
    level: float = 0.95
    reason: str = ""

    def sentence(self, language: str = "en") -> str:
        """The design and its coefficients in words."""
        zh, head = language == "zh", self._head(language)
        if self.reason == "one inspector":
            why, known = say(DESIGN_REASONS[self.reason], language), not np.isnan(self.relative)
            ranks = self._words("relative", zh) + ("，" if zh else ", ") if known else ""
            return f"{head}：{ranks}Φ 未知（{why}）。" if zh else f"{head}: {ranks}Φ not known ({why})."
        error = f"{self.absolute_error:.{decimals_for(self.absolute_error)}f}"
        error = f"标准误 {error}" if zh else f"standard error {error}"
        if np.isnan(self.absolute):
            why = say(DESIGN_REASONS[self.reason], language)
            return f"{head}：{error}（{why}）。" if zh else f"{head}: {error} ({why})."
        shown = [self._words(name, zh) for name in ("relative", "absolute")]
        return f"{head}：{'，'.join([*shown, error])}。" if zh else f"{head}: {', '.join([*shown, error])}."

    def _head(self, language: str) -> str:
        d, chain = self.design, self.design.of == "chain"
        if language == "zh":
            people = f"、{'共 ' if chain else ''}{d.inspectors} 名检查员" if d.inspected else ""
            return f"{f'{d.stores} 家门店，' if chain else ''}每店 {d.visits} 次访问{people}"
        visits = f"{d.visits} visit{'' if d.visits == 1 else 's'}"
        people = f"{d.inspectors} inspector{'' if d.inspectors == 1 else 's'}"
        if chain:
            return f"{d.stores} stores, {visits} each" + (f", {people} in all" if d.inspected else "")
        return visits + (f" by {people}" if d.inspected else "")

    def _words(self, name: str, zh: bool) -> str:
        value, low, high = (getattr(self, name + end) for end in ("", "_low", "_high"))
        symbol = "Eρ²" if name == "relative" else "Φ"
        if np.isnan(low):
            return f"{symbol} {value:.2f}（无区间）" if zh else f"{symbol} {value:.2f} (no interval)"
        percent = f"{100 * self.level:g}%"
        if zh:
            return f"{symbol} {value:.2f}（{percent} 置信区间 {low:.2f} 至 {high:.2f}）"
        return f"{symbol} {value:.2f} ({percent} CI {low:.2f} to {high:.2f})"


@dataclass(frozen=True, eq=False, repr=False)
class Planned(Result):
    """Designs and what they give, one row each.

    Frame columns: ``stores, visits, inspectors, relative, relative_low, relative_high, absolute, absolute_low, absolute_high,
    relative_error, absolute_error, reason``.

    Attributes
    ----------
    target : the dependability that is wanted
    of, crossed, level : as asked for
    inspected : False if the study names no inspectors
    """

    target: float = 0.8
    of: Of = "store"
    crossed: bool = False
    inspected: bool = True
    level: float = 0.95
    object_name: str = "store"
    remarks: tuple[Text, ...] = field(default_factory=tuple)

    def title(self) -> str:
        name = column_label(self, self.object_name)
        if self.language == "zh":
            return (
                "需要多少次访问？连锁均值的可靠性"
                if self.of == "chain"
                else spaced(f"需要多少次访问？每个{name}的可靠性")
            )
        return f"How many visits? Dependability of {'the mean of a chain' if self.of == 'chain' else f'one {name}'}"

    def columns(self) -> tuple[Column, ...]:
        low, high = (NUMBER_COLUMNS[end].label for end in ("low", "high"))
        coefficients = (
            Column("relative", {"en": "Eρ² (rank)", "zh": "Eρ²（排名）"}, "number"),
            Column("relative_low", low, "number"),
            Column("relative_high", high, "number"),
            Column("absolute", {"en": "Φ (pass or fail)", "zh": "Φ（达标）"}, "number"),
            Column("absolute_low", low, "number"),
            Column("absolute_high", high, "number"),
        )
        return (
            *((Column("stores", {"en": "stores", "zh": "门店数"}, "count"),) if self.of == "chain" else ()),
            Column("visits", {"en": "visits each", "zh": "每店访问次数"}, "count"),
            *((Column("inspectors", {"en": "inspectors", "zh": "检查员数"}, "count"),) if self.inspected else ()),
            *(coefficients if self.frame[["relative", "absolute"]].notna().any(axis=None) else ()),
            Column(
                "absolute_error",
                {"en": "SE in points", "zh": "标准误（分）"},
                "number",
                decimals=decimals_for(float(self.frame["absolute_error"].max())),
            ),
        )

    def note(self) -> str:
        parts = [say(remark, self.language) for remark in self.remarks]
        parts += [say(DESIGN_REASONS[why], self.language) for why in dict.fromkeys(self.frame["reason"]) if why]
        if self.language == "zh":
            return "；".join(parts) + "。"
        said = "; ".join(parts)
        return f"{said[:1].upper()}{said[1:]}."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Dependability against visits, with the target; see :func:`servqual.plots.agreement.draw_visits`."""
        from servqual.plots.agreement import draw_visits

        return draw_visits(self, ax)
