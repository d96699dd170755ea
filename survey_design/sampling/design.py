"""How the respondents were chosen: the one description that drawing and inference share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from survey_design.errors import SpecError, check_choice, check_columns
from survey_design.results import Text
from survey_design.sampling.margins import Margins

Selection = Literal["probability", "quota", "convenience", "unstated"]

SELECTION_WORDS: Mapping[str, Text] = {
    "probability": {"en": "drawn with known probabilities", "zh": "按已知概率抽取"},
    "quota": {"en": "filled by quota", "zh": "按配额选取"},
    "convenience": {"en": "taken as they came (convenience)", "zh": "方便选取"},
    "unstated": {"en": "chosen in a way that is not stated", "zh": "选取方式未说明"},
}


# The columns that drawing adds, which nobody has named: how the design's sentence calls them.
MADE_COLUMNS: Mapping[str, Text] = {
    "units_in_stratum": {"en": "units in the stratum", "zh": "层内单元数"},
    "clusters_in_stratum": {"en": "clusters in the stratum", "zh": "层内群数"},
    "units_in_cluster": {"en": "units in the cluster", "zh": "群内单元数"},
    "error_stratum": {"en": "as drawn, certain units apart", "zh": "抽样所用的层，必选单元单列"},
    "error_population": {"en": "by the smallest probability in the stratum", "zh": "按层内最小入样概率折算"},
}
CERTAIN, DRAWN = "certain", "drawn"  # values of error_stratum where the list has no strata
_APART = f" ({CERTAIN})"  # behind the name of a stratum, where it has


def error_stratum_words(value: str, language: str) -> str:
    """A stratum of ``error_stratum`` in words.

    >>> error_stratum_words("certain", "en"), error_stratum_words("flagship (certain)", "zh")
    ('units certain to be drawn', 'flagship（必选单元）')
    """
    if value in (CERTAIN, DRAWN):
        words: dict[str, Text] = {
            CERTAIN: {"en": "units certain to be drawn", "zh": "必选单元"},
            DRAWN: {"en": "the other units", "zh": "其余单元"},
        }
        return words[value][language]
    return f"{value.removesuffix(_APART)}（必选单元）" if language == "zh" and value.endswith(_APART) else value


def error_stratum(name: str, certain: bool, others: Collection[str] = ()) -> str:
    """The value of ``error_stratum``: certain units of a stratum stand apart.

    Where one of the ``others``, the names of all strata, reads like that, "certain" is said once more.

    >>> error_stratum("flagship", True), error_stratum("flagship", False), error_stratum("", True)
    ('flagship (certain)', 'flagship', 'certain')
    >>> error_stratum("A", True, ["A", "A (certain)"]), error_stratum("A (certain)", True, ["A", "A (certain)"])
    ('A (certain) (certain)', 'A (certain) (certain) (certain)')
    """
    if not certain or not name:
        return name or (CERTAIN if certain else DRAWN)
    times = 1
    while any(f"{each}{_APART * times}" in others for each in others):
        times += 1  # the same for all strata, else two of them could meet
    return f"{name}{_APART * times}"


@dataclass(frozen=True)
class SampleDesign:
    """Which columns of the data say how the sample was drawn.

    Parameters
    ----------
    strata : column, optional
        Groups within which sampling was separate (tier, region).
    clusters : column or tuple of columns, optional
        What was drawn first: stores, then customers in them. One name is enough for interviews in
        stores; two names describe two drawn stages ("district", "school").
    weight : column, optional
        How many members of the population a respondent stands for; only its proportions matter
        for means. Without it everyone counts the same.
    population : column, tuple of columns, or mapping from stratum to size, optional
        Size of the population that each stage was drawn from: the number of clusters in the stratum,
        then the number of people in the cluster. It shrinks the error (finite population correction).
        If every cluster of a stratum was visited, its clusters stop being a source of error, and the
        result speaks about *these* stores; without it, about *stores like these*.
    selection : {"unstated", "probability", "quota", "convenience"}
        For all but "probability" the interval rests on an assumption, and every result says so.
    whole_clusters : bool
        True if everyone in a drawn cluster answered, so that nothing varies within clusters.
        Only matters together with ``population``.
    margins : Margins, optional
        The known totals that the weights were calibrated to, and from which weights. Nobody writes them down: ``rake``,
        ``poststratify`` and ``calibrate`` of :mod:`survey_design.calibration` hand over a design that carries them, and
        errors then count the calibration in.

    Examples
    --------
    >>> SampleDesign(strata="tier", clusters="store", weight="weight", selection="probability").sentence()
    'Respondents were drawn with known probabilities; strata: tier; clusters: store; weight: weight.'
    >>> SampleDesign(selection="random")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: selection='random' is not known. Choose one of 'probability', 'quota', 'convenience', 'unstated'.
    """

    strata: str | None = None
    clusters: str | tuple[str, ...] | None = None
    weight: str | None = None
    population: str | tuple[str, ...] | Mapping[str, float] | None = None
    selection: Selection = "unstated"
    whole_clusters: bool = False
    margins: Margins | None = None

    def __post_init__(self) -> None:
        check_choice("selection", self.selection, Selection)
        for name in ("clusters", "population"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for column in (self.strata, *self.stages, self.weight, *self.population_columns):
            if column is not None and not isinstance(column, str):
                raise SpecError(f"{column!r} in the design is not the name of a column. Give its name as a text.")
        if isinstance(self.population, Mapping):
            bad = [str(name) for name, size in self.population.items() if not 0 < size < float("inf")]
            if bad:
                raise SpecError(f"population of {', '.join(bad)} is not a positive number.")
        if len(self.stages) > 2:
            raise SpecError(f"clusters={self.clusters!r}: two stages are supported, the later ones carry little error.")
        if len(self.population_columns) > max(1, len(self.stages) + (not self.whole_clusters)):
            raise SpecError("population names more stages than clusters does.")
        if self.margins is not None and self.weight is None:
            raise SpecError("margins belong to weights that were calibrated to them, but the design names no weight.")

    @property
    def stages(self) -> tuple[str, ...]:
        """The cluster columns, first stage first; empty when respondents were drawn directly."""
        return _as_tuple(self.clusters)

    @property
    def population_columns(self) -> tuple[str, ...]:
        """The columns that hold population sizes, first stage first."""
        return () if isinstance(self.population, Mapping) else _as_tuple(self.population)

    @property
    def base_weight(self) -> str | None:
        """The column of the weights before calibration; the weight itself where there was none."""
        return self.weight if self.margins is None else self.margins.base_weight

    @property
    def numeric_columns(self) -> tuple[str, ...]:
        """The columns that must hold positive numbers: weights and population sizes."""
        others = () if self.margins is None else self.margins.weight_columns()
        return tuple(name for name in (self.weight, *others, *self.population_columns) if name)

    @property
    def measured_columns(self) -> tuple[str, ...]:
        """The columns that must hold numbers of any sign: those whose sums the weights were calibrated to."""
        return () if self.margins is None else tuple(self.margins.measured_columns())

    def without_margins(self) -> SampleDesign:
        """The same design, whose errors take the calibrated weights as if they were given: usually too large."""
        return replace(self, margins=None)

    @property
    def is_simple(self) -> bool:
        """True if nothing but the respondents themselves is described."""
        return not (self.strata or self.stages or self.weight or self.population is not None)

    def column_names(self) -> list[str]:
        """Every column the design needs, each once."""
        margins = [] if self.margins is None else self.margins.column_names()
        named = [self.strata, *self.stages, self.weight, *self.population_columns, *margins]
        return list(dict.fromkeys(name for name in named if name))

    def check(self, frame: pd.DataFrame, where: str = "the data") -> None:
        """Refuse a frame that lacks a design column."""
        check_columns(self.column_names(), frame.columns, where)

    def sentence(self, language: str = "en") -> str:
        """The design in one sentence."""
        calibrated = "" if self.margins is None else self.margins.words(language)
        weight = self.weight if not calibrated else f"{self.weight}{'，' if language == 'zh' else ', '}{calibrated}"
        made = {name: words[language] for name, words in MADE_COLUMNS.items()}
        strata = self.strata and made.get(self.strata, self.strata)
        parts = [("strata", "分层", strata), ("clusters", "群", " > ".join(self.stages)),
                 ("weight", "权数", weight)]  # fmt: skip
        if self.population is not None:
            named = " > ".join(made.get(name, name) for name in self.population_columns)
            named = named or {"en": "given per stratum", "zh": "各层已给定"}[language]
            parts.append(("population", "总体规模", named))
        if language == "zh":
            head = f"受访者{SELECTION_WORDS[self.selection]['zh']}"
            return "；".join([head, *(f"{zh}：{value}" for _, zh, value in parts if value)]) + "。"
        head = f"Respondents were {SELECTION_WORDS[self.selection]['en']}"
        return "; ".join([head, *(f"{en}: {value}" for en, _, value in parts if value)]) + "."


def _as_tuple(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
