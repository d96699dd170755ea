"""How often is a store visited, who comes first, and how many inspectors does rotation take at least?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import SpecError, check_choice
from survey_design.results import Text
from survey_design.visits.given import rules_without_stores, word_key

Array = NDArray[Any]
Spacing = Literal["parts", "calendar_months"]
_MOST = 4  # visits a month; a part of a month is then a week


@dataclass(frozen=True)
class FrequencyRule:
    """How many visits a month stores of some kind get. What is left out does not matter.

    Attributes
    ----------
    visits : visits a month, 1 to 4
    tiers, city_levels : a store must be of one of these; "Core" and "核心店" are "core", see :data:`survey_design.visits.given.WORDS`
    busiest : the store is among this share of all stores by traffic (1/3: the busiest third, ties included)
    traffic_from : the store has at least this traffic

    >>> FrequencyRule(2, tiers=("flagship_core", "core"), busiest=1 / 3).visits
    2
    """

    visits: int
    tiers: tuple[str, ...] = ()
    city_levels: tuple[str, ...] = ()
    busiest: float | None = None
    traffic_from: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.visits, bool) or self.visits not in range(1, _MOST + 1):
            raise SpecError(f"visits={self.visits!r}: a rule gives 1 to {_MOST} visits a month.")
        if self.busiest is not None and not 0 < self.busiest <= 1:
            raise SpecError(f"busiest={self.busiest!r} must be a share above 0, at most 1.")

    def asks(self) -> list[tuple[str, tuple[str, ...]]]:
        """The columns that the rule asks for, each with the values of which a store must have one."""
        by_traffic = self.busiest is not None or self.traffic_from is not None
        return _asked(self.tiers, self.city_levels) + ([("traffic", ())] if by_traffic else [])

    def fits(self, stores: pd.DataFrame) -> Array:
        """(s,) which stores the rule is for; a store without the attribute is none of them."""
        fits = _among(stores, "tier", self.tiers) & _among(stores, "city_level", self.city_levels)
        if self.busiest is None and self.traffic_from is None:
            return fits
        traffic = _traffic(stores)
        if self.traffic_from is not None:
            fits &= traffic >= self.traffic_from
        if self.busiest is not None and np.isfinite(traffic).any():
            fits &= traffic >= np.nanquantile(traffic, 1 - self.busiest, method="higher")
        return fits & np.isfinite(traffic)


@dataclass(frozen=True)
class PriorityRule:
    """Which place stores of some kind have in the order of visits: 1 comes first.

    >>> PriorityRule(1, tiers=("first_tier",), city_levels=("central",)).rank
    1
    """

    rank: int
    tiers: tuple[str, ...] = ()
    city_levels: tuple[str, ...] = ()

    def asks(self) -> list[tuple[str, tuple[str, ...]]]:
        """The columns that the rule asks for, each with the values of which a store must have one."""
        return _asked(self.tiers, self.city_levels)

    def fits(self, stores: pd.DataFrame) -> Array:
        """(s,) which stores the rule is for."""
        return _among(stores, "tier", self.tiers) & _among(stores, "city_level", self.city_levels)


FREQUENCY_RULES = (FrequencyRule(2, tiers=("flagship_core", "core"), busiest=1 / 3),)
PRIORITY_RULES = (
    PriorityRule(1, tiers=("flagship_core",)),
    PriorityRule(1, tiers=("core", "first_tier"), city_levels=("central",)),
    PriorityRule(2, tiers=("core", "first_tier"), city_levels=("county",)),
    PriorityRule(3, tiers=("core", "first_tier")),
    PriorityRule(4, tiers=("hypermarket",)),
    PriorityRule(6, tiers=("cooperative",)),
    PriorityRule(5),
)


def rules_unmet(
    stores: pd.DataFrame, frequency: Sequence[FrequencyRule], priority: Sequence[PriorityRule] = ()
) -> tuple[Text, ...]:
    """What these rules ask for and no store has, in words; empty where every rule can find a store.

    >>> stores = pd.DataFrame({"store": ["A", "B"], "tier": ["Core", "Kiosk"], "traffic": [9, 8]})
    >>> rules_unmet(stores, FREQUENCY_RULES)[0]["en"]
    'No store has the tier flagship_core (frequency); stores have: Core, Kiosk.'
    """
    named: list[tuple[Text, FrequencyRule | PriorityRule]] = [
        *(({"en": "frequency", "zh": "频次"}, each) for each in frequency),
        *(({"en": "priority", "zh": "次序"}, each) for each in priority),
    ]
    return rules_without_stores(stores, [(called, *asked) for called, rule in named for asked in rule.asks()])


def visits_per_month(stores: pd.DataFrame, rules: Sequence[FrequencyRule] = FREQUENCY_RULES) -> Array:
    """(s,) visits of every store in a month: the first rule that fits, 1 where none does.

    Parameters
    ----------
    stores : DataFrame with, as far as the rules ask for them, ``tier, city_level, traffic``
    rules : in their order; by default twice a month for core stores among the busiest third of the chain

    Examples
    --------
    >>> stores = pd.DataFrame({"tier": ["core", "core", "first_tier"], "traffic": [900, 200, 800]})
    >>> visits_per_month(stores).tolist()
    [2, 1, 1]
    """
    visits, open_ = np.ones(len(stores), dtype=int), np.full(len(stores), True)
    for rule in rules:
        fits = rule.fits(stores) & open_
        visits[fits], open_ = rule.visits, open_ & ~fits
    return visits


def priority_order(stores: pd.DataFrame, rules: Sequence[PriorityRule] = PRIORITY_RULES) -> Array:
    """(s,) place of every store, 0 for the one that comes first: by the rank of its rule, then by traffic.

    By default flagship core stores and core and first-tier stores of central cities come first, then those of counties,
    of towns, hypermarkets, and cooperative stores at the end; tiers that no rule names stand before these. Equal stores
    keep the order of the frame.

    Examples
    --------
    >>> stores = pd.DataFrame(
    ...     {
    ...         "tier": ["cooperative", "first_tier", "first_tier", "flagship_core"],
    ...         "city_level": ["central", "town", "central", "county"],
    ...     }
    ... )
    >>> priority_order(stores).tolist()
    [3, 2, 0, 1]
    """
    rank, open_ = np.full(len(stores), max((rule.rank for rule in rules), default=0) + 1), np.full(len(stores), True)
    for rule in rules:
        fits = rule.fits(stores) & open_
        rank[fits], open_ = rule.rank, open_ & ~fits
    traffic = np.nan_to_num(_traffic(stores), nan=-np.inf)
    place = np.empty(len(stores), dtype=int)
    place[np.lexsort((np.arange(len(stores)), -traffic, rank))] = np.arange(len(stores))
    return place


def minimum_inspectors(visits: int = 1, *, gap_months: int = 3, strict: bool = True, spacing: Spacing = "parts") -> int:
    """The least number of different inspectors for one store, if none may be back too early.

    Visits are spread evenly: k a month, one in each k-th of the month. An inspector is back after more than g months
    (``strict``) at the earliest k g + 1 visits later, after at least g months k g visits later. By calendar months, the
    month of a visit and the g that follow are closed to the inspector, so that k (g + 1) visits need others.

    Parameters
    ----------
    visits : visits a month, k
    gap_months : g
    strict : more than g months, not at least g
    spacing : "parts" (dates count) or "calendar_months" (only whole months count)

    Examples
    --------
    More than three months: 4 inspectors at one visit a month, 7 at two, 8 of these by calendar months. At least three: 3, 6.

    >>> [minimum_inspectors(k) for k in (1, 2)], minimum_inspectors(2, spacing="calendar_months")
    ([4, 7], 8)
    >>> [minimum_inspectors(k, strict=False) for k in (1, 2)]
    [3, 6]
    """
    check_choice("spacing", spacing, Spacing)
    return visits * (gap_months + strict) if spacing == "calendar_months" else visits * gap_months + strict


def _asked(tiers: tuple[str, ...], city_levels: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, values) for name, values in (("tier", tiers), ("city_level", city_levels)) if values]


def _among(stores: pd.DataFrame, column: str, wanted: tuple[str, ...]) -> Array:
    if not wanted:
        return np.full(len(stores), True)
    if column not in stores:
        return np.full(len(stores), False)
    keys = {word_key(column, each) for each in wanted}
    return np.array([word_key(column, cell) in keys for cell in stores[column]], dtype=bool)


def _traffic(stores: pd.DataFrame) -> Array:
    return stores["traffic"].to_numpy(dtype=float) if "traffic" in stores else np.full(len(stores), np.nan)
