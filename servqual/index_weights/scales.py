"""From an indicator's own unit (per cent, minutes, points) to 0 to 100, where 100 is best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.index_weights.found import Direction
from servqual.index_weights.simplex import Array
from survey_design.errors import SpecError
from survey_design.results import Text

Kind = Literal["bounds", "thresholds", "percentile"]


@dataclass(frozen=True)
class Bounds:
    """``100 (x − low)/(high − low)``, turned round where less is better; values beyond the bounds count as 0 or 100.

    Bounds are stated, not taken from the data: with these a score would change whenever another store is added.

    >>> Bounds(5, 30).score(np.array([5.0, 10.0, 40.0]), "lower").tolist()
    [100.0, 80.0, 0.0]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise SpecError(f"bounds {self.low:g} to {self.high:g}: the lower one must be below the upper one. For an indicator of which "
                            "less is better write better='lower', not the bounds the other way round.")  # fmt: skip

    def score(self, values: Array, better: Direction) -> Array:
        """(n,) scores; nan stays nan."""
        share = np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
        return np.asarray(100 * (share if better == "higher" else 1 - share))

    def outside(self, values: Array) -> NDArray[np.bool_]:
        """(n,) True for values beyond the bounds."""
        return np.asarray((values < self.low) | (values > self.high))

    def sentence(self) -> Text:
        """The rule in words."""
        return {"en": f"{self.low:g} to {self.high:g}, in proportion", "zh": f"{self.low:g} 至 {self.high:g}，按比例"}


@dataclass(frozen=True)
class Thresholds:
    """Steps: a value scores what belongs to the best threshold it reaches, and ``below`` where it reaches none.

    Attributes
    ----------
    steps : (threshold, score), any order; scores fall as the threshold gets easier
    below : score of a value that reaches no threshold

    >>> Thresholds(((5, 100), (10, 70), (20, 40))).score(np.array([4.0, 10.0, 19.0, 30.0]), "lower").tolist()
    [100.0, 70.0, 40.0, 0.0]
    """

    steps: tuple[tuple[float, float], ...]
    below: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(sorted((float(at), float(score)) for at, score in self.steps)))
        at, scores = [step[0] for step in self.steps], [self.below, *(step[1] for step in self.steps)]
        if not at or len(set(at)) < len(at):
            raise SpecError("thresholds: give one or more, each once.")
        if min(scores) < 0 or max(scores) > 100:
            raise SpecError(
                f"thresholds: scores must lie in 0 to 100; got {', '.join(f'{score:g}' for score in scores)}."
            )

    def check(self, better: Direction) -> None:
        """Refuse scores that fall as values get better."""
        scores = [score for _, score in (self.steps if better == "higher" else self.steps[::-1])]
        ordered = [self.below, *scores]
        if any(later < former for former, later in pairwise(ordered)):
            raise SpecError(f"thresholds: scores {', '.join(f'{score:g}' for score in ordered)} fall as values get better "
                            f"(better='{better}').")  # fmt: skip

    def score(self, values: Array, better: Direction) -> Array:
        """(n,) scores; nan stays nan."""
        at, scores = np.array(self.steps).T
        if better == "lower":
            at, scores, values = -at[::-1], scores[::-1], -values
        found = np.r_[self.below, scores][np.searchsorted(at, values, side="right")]
        return np.asarray(np.where(np.isnan(values), np.nan, found))

    def outside(self, values: Array) -> NDArray[np.bool_]:
        """(n,) False: steps have no end."""
        return np.zeros(len(values), dtype=bool)

    def sentence(self) -> Text:
        """The rule in words."""
        steps = [f"{at:g} → {score:g}" for at, score in self.steps]
        return {
            "en": f"steps {', '.join(steps)}, else {self.below:g}",
            "zh": f"分档 {'、'.join(steps)}，其余 {self.below:g}",
        }


@dataclass(frozen=True)
class Percentile:
    """Place among the units: ``100 (rank − ½)/n``, equal values share their mean rank. Says nothing of how good they all are.

    >>> Percentile().score(np.array([10.0, 30.0, 20.0, 20.0]), "higher").tolist()
    [12.5, 87.5, 50.0, 50.0]
    """

    def score(self, values: Array, better: Direction) -> Array:
        """(n,) scores; nan stays nan and counts as nobody."""
        ranks = pd.Series(values if better == "higher" else -values).rank().to_numpy()
        return np.asarray(100 * (ranks - 0.5) / max(int(np.isfinite(values).sum()), 1))

    def outside(self, values: Array) -> NDArray[np.bool_]:
        """(n,) False."""
        return np.zeros(len(values), dtype=bool)

    def sentence(self) -> Text:
        """The rule in words."""
        return {"en": "place among the units", "zh": "在各单位中的百分位"}


Scale = Bounds | Thresholds | Percentile
