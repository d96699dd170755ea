"""What the customers' survey lends to the other sources of a study, so that all speak of the same people on the same scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from servqual.responses import Responses
from survey_design.errors import DataError
from survey_design.results import Estimate, Language

if TYPE_CHECKING:
    from servqual.gaps import GapScores

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Customers:
    """The survey as it was scored.

    Attributes
    ----------
    responses : what came back
    gaps : overall first, then one per split; empty where the study has none
    by : column of the store
    match : column by which groups of two files find each other
    options : settings that the gaps were scored by (:func:`servqual.gaps.score_gaps`)
    """

    responses: Responses
    gaps: tuple[GapScores, ...] = ()
    by: str = "store"
    match: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def in_language(self, language: Language) -> Customers:
        """The same survey, told in another language."""
        gaps = tuple(scores.in_language(language) for scores in self.gaps)
        return replace(self, responses=self.responses.in_language(language), gaps=gaps)

    @property
    def level(self) -> float:
        """Confidence of the intervals."""
        return float(self.options.get("level", 0.95))

    @property
    def dimensions(self) -> list[str]:
        """Ids of the instrument's dimensions, in their order."""
        return [dimension.id for dimension in self.responses.instrument.dimensions]

    @property
    def points(self) -> dict[str, float] | None:
        """Mean importance points by dimension; None where nobody was asked and the study gives none."""
        asked = None if not self.gaps else self.gaps[0].basis.points
        if asked is not None:
            return {name: float(mean) for name, mean in asked.means.items()}
        given = self.options.get("importance", {})
        return None if not given or any(isinstance(each, str) for each in given.values()) else dict(given)

    @property
    def n_points(self) -> int:
        """How many gave points of their own; 0 where the study gives them as numbers."""
        asked = None if not self.gaps else self.gaps[0].basis.points
        return 0 if asked is None else int(asked.n)

    def most_points(self) -> tuple[str, Estimate] | None:
        """The dimension to which customers give most of 100 points: its mean with the interval of their sample; None without any."""
        from servqual.inference import Mean, estimate

        asked = None if not self.gaps else self.gaps[0].basis.points
        if asked is None:
            return None
        most = max(asked.means, key=lambda name: asked.means[name])
        side = self.responses.sides[asked.source]
        given = 100 * asked.read(side.frame)[:, list(asked.columns).index(most)]
        row = estimate(side.frame.assign(points=given), Mean("points"), side.design, level=self.level).frame.iloc[0]
        return most, Estimate(row["estimate"], row["se"], row["low"], row["high"], int(row["n"]), row["df"], self.level)

    @property
    def rated(self) -> bool:
        """True where answers on what was perceived name their store."""
        return any("perception" in side.forms and self.by in side.columns for side in self.responses.sides)


def unless_too_few(compute: Callable[[], Found]) -> Found | None:
    """What was computed; None where answers are too few or all alike, which names no faulty cell: those are an error."""
    try:
        return compute()
    except DataError as error:
        if len(error.cases):
            raise
        return None
