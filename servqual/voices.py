"""What does study.toml say of voices, and what do they tell? Focus groups, experts beside customers, and who is heard at all.

Like :mod:`servqual.inspections` it computes nothing itself: the tables ``[statements]``, ``[experts]`` and ``[listening]`` are read
strictly, and the verbs of the chapters are called in order, each when its numbers are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from servqual.customers import Customers
from servqual.instruments import Instrument
from servqual.responses import Faults, PersonalDataRule
from servqual.settings import Reading, Settings, in_file
from survey_design.errors import DataError, check_columns
from survey_design.files.table import Source, read_table
from survey_design.results import Language, Text, is_missing

if TYPE_CHECKING:
    from servqual.focus import (
        CandidateItems,
        CoderAgreement,
        DemandAndActual,
        Digest,
        Saturation,
        Statements,
        Themes,
        TouchpointGrid,
    )
    from servqual.focus.mentions import Base
    from servqual.index_weights import IndexWeights, WeightComparison
    from servqual.listening import CoverageByYear, ListeningCoverage, ListeningMatrix, SmallestSets, WeakLinks

TABLES = ("statements", "experts", "listening")
ExpertMethod = Literal["delphi", "points"]
_SEED = 0
_STATEMENTS = {"file", "code_frame", "columns", "dimensions", "faults", "personal_data", "encoding", "sheet"}
_EXPERTS = {"file", "method", "expert", "round", "encoding", "sheet"}
_LISTENING = {"matrix", "weak_links"}
_CODE_FRAME = "general"
_FEWEST_STORES = 5  # with a mean of every dimension, from which the stores' own spread is looked at
_CUSTOMERS: Text = {"en": "customers' points", "zh": "顾客自述分值"}


@dataclass(frozen=True)
class StatementFile:
    """What was said in focus groups, and how the file is read.

    Attributes
    ----------
    path : CSV, Excel, or a REFI-QDA project
    code_frame : name of a code frame, or a file of one; None takes a project's own codebook
    dimensions : code or dimension of the code frame -> dimension of the instrument
    options : further arguments of :func:`servqual.focus.read_statements`
    """

    path: Path
    code_frame: str | Path | None = _CODE_FRAME
    dimensions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, language: Language) -> Statements:
        """The statements, checked."""
        from servqual.focus import load_code_frame, read_qdpx, read_statements

        codes = None if self.code_frame is None else load_code_frame(self.code_frame)
        with in_file(self.path.name):
            if self.path.suffix.lower() == ".qdpx":
                found = read_qdpx(self.path, codes, **self.options)
            else:
                found = read_statements(self.path, codes or _CODE_FRAME, **self.options)
        return found.in_language(language)

    def reading(self, language: Language) -> Reading:
        """How many statements can be used; what was masked."""
        found = self.read(language)
        n, read, aside = found.n, found.n + len(found.set_aside), len(found.cases)
        kept = f"{self.path.name}: {n:,} of {read:,} statement{'s' * (read != 1)} kept"
        kept += f", {aside:,} fault{'s' * (aside != 1)} set aside." if aside else "."
        masked = (
            f"{self.path.name}: personal data, masked on reading ({found.masked:,} cell{'s' * (found.masked != 1)})."
        )
        return Reading(kept, (masked,) if found.masked else (), found.cases)


@dataclass(frozen=True)
class ExpertFile:
    """Points that experts shared out over the dimensions, in one round or several.

    Attributes
    ----------
    path : a row per expert (and round), a column per dimension of the instrument
    method : "delphi": rounds, the last of which counts; "points": asked once
    expert, round : columns with the expert and the round
    options : how the file is read
    """

    path: Path
    method: ExpertMethod = "delphi"
    expert: str = "expert"
    round: str = "round"
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> tuple[pd.DataFrame, Source]:
        """The points as they stand in the file; refused where a row does not say of whom, or of which round, it is."""
        frame, source = read_table(self.path, **self.options)
        named = [self.expert, *([self.round] if self.method == "delphi" else [])]
        check_columns(named, list(frame.columns), source.name)
        faults = [
            {"file": source.name, "row": row + 2, "column": name, "value": "", "problem": "empty"}
            for name in named
            for row, value in enumerate(frame[name])
            if is_missing(value) or not str(value).strip()
        ]
        if faults:
            said = ", ".join(f"{fault['column']} in row {fault['row']}" for fault in faults[:8])
            said += f" and {len(faults) - 8} more" if len(faults) > 8 else ""
            remedy = "Write whose points, and of which round, every row holds."
            raise DataError(f"{source.name}: empty: {said}. {remedy}", pd.DataFrame(faults))
        return frame, source

    def weights(self, frame: pd.DataFrame, customers: Customers, language: Language) -> IndexWeights:
        """What the experts would have each dimension weigh."""
        from servqual.index_weights import Delphi, index_weights

        method: Any = Delphi(round=self.round) if self.method == "delphi" else "points"
        labels = {each.id: each.label for each in customers.responses.instrument.dimensions}
        with in_file(self.path.name, "the table of points"):
            return index_weights(frame, method=method, indicators=customers.dimensions, unit=self.expert, labels=labels,
                                 level=customers.level, seed=_SEED, language=language)  # fmt: skip

    def reading(self) -> Reading:
        """How many rows there are; the points themselves are checked when they are weighed."""
        frame, source = self.read()
        return Reading(f"{source.name}: {len(frame):,} row{'s' * (len(frame) != 1)} of experts' points read.")


@dataclass(frozen=True)
class ListeningAsked:
    """How customers are heard.

    Attributes
    ----------
    matrix : name of a listening matrix, or a file of one; None where the study has none
    weak_links : ratings of the seven weak links; None where nobody rated them
    """

    matrix: str | Path | None = None
    weak_links: Path | None = None

    def read(self, language: Language, level: float = 0.95) -> tuple[ListeningMatrix | None, WeakLinks | None]:
        """The matrix and the audit, checked."""
        from servqual.listening import audit_weak_links, load_listening_matrix

        matrix = None if self.matrix is None else load_listening_matrix(self.matrix, language=language)
        if self.weak_links is None:
            return matrix, None
        with in_file(self.weak_links.name):
            return matrix, audit_weak_links(self.weak_links, level=level, seed=_SEED, language=language)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The study's own files, with checksum."""
        own = [path for path in (self.matrix, self.weak_links) if isinstance(path, Path) and path.suffix != ".toml"]
        return tuple(read_table(path)[1] for path in own)

    def reading(self) -> Reading:
        """How many means of listening there are, and how many raters of the weak links."""
        matrix, links = self.read("en")
        told = [] if matrix is None else [f"{len(matrix.means)} means × {len(matrix.segments)} segments"]
        told += [] if links is None else [f"{len(links.raters)} raters of weak links"]
        return Reading(f"[listening]: {', '.join(told)} read.")


@dataclass(frozen=True)
class Voices:
    """What study.toml says of voices.

    Attributes
    ----------
    statements, experts : files; None where the study has none
    listening : how customers are heard; None where the study does not say it
    settings : as written, for the record
    """

    statements: StatementFile | None = None
    experts: ExpertFile | None = None
    listening: ListeningAsked | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def readings(self, language: Language) -> Iterator[Callable[[], Reading]]:
        """Every file, to be read one by one."""
        if self.statements is not None:
            statements = self.statements
            yield lambda: statements.reading(language)
        if self.experts is not None:
            yield self.experts.reading
        if self.listening is not None:
            yield self.listening.reading

    def results(self, language: Language, customers: Customers) -> VoiceResults:
        """The files, read; their numbers are computed when they are asked for."""
        statements = None if self.statements is None else self.statements.read(language)
        experts, source = (None, None) if self.experts is None else self.experts.read()
        matrix, links = (None, None) if self.listening is None else self.listening.read(language, customers.level)
        sources = [] if statements is None else [statements.source]
        sources += [*([source] if source else []), *(() if self.listening is None else self.listening.sources)]
        return VoiceResults(
            self, language, customers.in_language(language), statements, experts, tuple(sources), matrix, links
        )


@dataclass(frozen=True, eq=False)
class VoiceResults:
    """What voices tell, each part computed when it is asked for; a part that the data don't allow is None.

    Attributes
    ----------
    asked, language : what was run, and the language it is told in
    customers : the survey beside it
    statements, experts : what was said; experts' points
    sources : the files, with checksum
    matrix, weak_links : by which means which customers are heard; where what they say gets lost
    """

    asked: Voices
    language: Language
    customers: Customers
    statements: Statements | None = None
    experts: pd.DataFrame | None = None
    sources: tuple[Source, ...] = ()
    matrix: ListeningMatrix | None = None
    weak_links: WeakLinks | None = None

    def in_language(self, language: Language) -> VoiceResults:
        """The same files, told in another language."""
        if language == self.language:
            return self
        parts = ("customers", "statements", "matrix", "weak_links")
        told = {name: part.in_language(language) for name in parts if (part := getattr(self, name)) is not None}
        return replace(self, language=language, **told)

    @property
    def said(self) -> Statements:
        """The statements, where the study has some."""
        if self.statements is None:
            raise DataError("the study has no [statements].")
        return self.statements

    # -- focus groups

    @property
    def _base(self) -> Base:
        """What shares are shares of: speakers, or statements where the file names nobody."""
        return "speakers" if self.said.frame["speaker"].notna().any() else "statements"

    @cached_property
    def themes(self) -> Themes:
        """How many brought up each code."""
        from servqual.focus import themes

        return themes(self.said, base=self._base, level=self.customers.level)

    @cached_property
    def segments(self) -> Themes | None:
        """The dimensions by segment; None where there is one segment only."""
        from servqual.focus import themes

        segments = self.said.frame["segment"]
        if segments.nunique() < 2:
            return None
        return themes(self.said, by="segment", of="dimension", base=self._base, level=self.customers.level)

    @cached_property
    def demand(self) -> DemandAndActual | None:
        """What is wanted beside what was found; None where nobody coded which is which."""
        from servqual.focus import demand_and_actual

        return None if self.said.frame["aspect"].isna().all() else demand_and_actual(self.said)

    @cached_property
    def wanted(self) -> DemandAndActual | None:
        """The same code by code."""
        from servqual.focus import demand_and_actual

        return None if self.demand is None else demand_and_actual(self.said, of="code")

    @cached_property
    def grid(self) -> TouchpointGrid | None:
        """Touchpoints by elements; None where the code frame has none."""
        from servqual.focus import touchpoint_grid

        return touchpoint_grid(self.said) if self.said.code_frame.touchpoints else None

    @cached_property
    def saturation(self) -> Saturation:
        """How much is still unheard."""
        from servqual.focus import saturation

        return saturation(self.said, level=self.customers.level, seed=_SEED)

    @cached_property
    def coders(self) -> CoderAgreement | None:
        """Whether coders code alike; None where one coded, or no two the same statements."""
        from servqual.focus import coder_agreement

        shared = (self.said.judged.sum(axis=1) >= 2).sum()
        return coder_agreement(self.said, level=self.customers.level, seed=_SEED) if shared >= 2 else None

    @cached_property
    def digest(self) -> Digest:
        """One statement for every dimension and segment, drawn by lot."""
        from servqual.focus import verbatim_digest

        by = "segment" if self.said.frame["segment"].notna().any() else None
        return verbatim_digest(self.said, seed=_SEED, each=1, by=by, of="dimension")

    @cached_property
    def items(self) -> CandidateItems:
        """Themes that may become questions, each with its trail."""
        from servqual.focus import candidate_items

        moved = self.asked.statements.dimensions if self.asked.statements else {}
        labels = {each.id: each.label for each in self.customers.responses.instrument.dimensions}
        return candidate_items(self.said, dimensions=moved, labels=labels)

    # -- experts

    @cached_property
    def weights(self) -> IndexWeights | None:
        """What experts would have each dimension weigh."""
        if self.experts is None or self.asked.experts is None:
            return None
        return self.asked.experts.weights(self.experts, self.customers, self.language)

    @cached_property
    def store_means(self) -> pd.DataFrame | None:
        """What customers say of every store, a column per dimension; None where answers name no store."""
        from servqual.gaps import score_performance

        if not self.customers.rated:
            return None
        by = self.customers.by
        scores = score_performance(self.customers.responses, by=by).frame
        return scores.pivot(index=by, columns="dimension", values="perception")[self.customers.dimensions].dropna()

    def compared(self, without: Collection[Any] = ()) -> WeightComparison | None:
        """Experts beside customers' points and the stores' own spread, and what the choice does to the ranking of stores."""
        from servqual.index_weights import compare_weights

        if self.weights is None:
            return None
        sets: dict[str, Any] = {self.weights.method_name: self.weights}
        points = self.customers.points
        if points is not None:
            sets[_CUSTOMERS[self.language]] = {name: each / sum(points.values()) for name, each in points.items()}
        stores = self._stores(without)
        if stores is not None:
            sets |= self._from_stores(stores)
        if len(sets) < 2:
            return None
        return compare_weights(sets, stores, level=self.customers.level, language=self.language)

    def _stores(self, without: Collection[Any]) -> pd.DataFrame | None:
        if self.store_means is None:
            return None
        kept = self.store_means[~self.store_means.index.isin(list(without))]
        varying = bool((kept.max() > kept.min()).all())
        return kept if len(kept) >= _FEWEST_STORES and varying else None

    def _from_stores(self, stores: pd.DataFrame) -> dict[str, Any]:
        """Weights from the spread of the stores, by three methods."""
        from servqual.index_weights import index_weights

        labels = {each.id: each.label for each in self.customers.responses.instrument.dimensions}
        told: dict[str, Any] = {"labels": labels, "level": self.customers.level, "seed": _SEED, "replicates": 200}
        return {
            method: index_weights(stores, method=method, language=self.language, **told)
            for method in ("entropy", "critic", "pca")
        }

    # -- who is heard

    @cached_property
    def coverage(self) -> ListeningCoverage | None:
        """Which customers are heard, and which are not."""
        from servqual.listening import listening_coverage

        return None if self.matrix is None else listening_coverage(self.matrix)

    @cached_property
    def fewest(self) -> SmallestSets | None:
        """How few means hear as much."""
        from servqual.listening import smallest_set

        return None if self.matrix is None else smallest_set(self.matrix)

    @cached_property
    def by_year(self) -> CoverageByYear | None:
        """What each year's new means added; None where the matrix names no years."""
        from servqual.listening import coverage_by_year

        if self.matrix is None or not any(self.matrix.frame["year"]):
            return None
        return coverage_by_year(self.matrix)

    def checked(self) -> Iterator[Any]:
        """The parts in which a fault of the files or of study.toml may still show itself."""
        if self.statements is not None:
            yield from (self.themes, self.items)
        if self.experts is not None:
            yield self.weights
        yield self.coverage


# --- reading study.toml ------------------------------------------------------------------------------------


class VoiceSettings(Settings):
    """Reads the tables of voices, each fault with its place."""

    def voices(self, instrument: Instrument) -> Voices | None:
        """What the study says of voices; None where it says nothing."""
        kept = {name: self.content[name] for name in TABLES if name in self.content}
        if not kept:
            return None
        return Voices(self._statements(instrument), self._experts(), self._listening(), kept)

    def _statements(self, instrument: Instrument) -> StatementFile | None:
        table, place = self.content.get("statements"), "[statements]"
        if table is None:
            return None
        self._only(table, place, _STATEMENTS)
        path = self._file_of(table, place, "statements.csv")
        project = path.suffix.lower() == ".qdpx"
        options = self._chosen(table, "faults", place, Faults) | self._chosen(
            table, "personal_data", place, PersonalDataRule
        )
        if project:
            for key in {"columns", "encoding", "sheet"} & set(table):
                self._fail(f"{place} {key}", "a REFI-QDA project has none", "take it out")
        else:
            options |= self._reading(table, place) | self._renamed(table, place)
        codes, moved = self._code_frame(table, project), self._moved(table, instrument)
        self._check_themes(codes, moved)
        return StatementFile(path, codes, moved, options)

    def _check_themes(self, codes: str | Path | None, moved: Mapping[str, str]) -> None:
        """Refuses themes that the code frame does not have; a project's own codebook is known when it is read."""
        from servqual.focus import load_code_frame

        if codes is None or not moved:
            return
        frame = load_code_frame(codes)
        known = [*(code.id for code in frame.codes), *(each.id for each in frame.dimensions)]
        for theme in moved:
            if theme not in known:
                what, remedy = f"{theme!r} is not in the code frame {frame.name}", "use one of its codes or dimensions"
                self._fail("[statements] dimensions", what, remedy, theme, known)

    def _code_frame(self, table: Mapping[str, Any], project: bool) -> str | Path | None:
        from servqual.focus import available_code_frames, load_code_frame

        place = "[statements] code_frame"
        named = self._text(table, "code_frame", "[statements]")
        if named is None:
            return None if project else _CODE_FRAME
        shipped = named in available_code_frames() or not named.endswith((".toml", ".csv", ".xlsx"))
        found: str | Path = named if shipped else self._inside(named, place)
        with self._at(place):
            load_code_frame(found)
        return found

    def _renamed(self, table: Mapping[str, Any], place: str) -> dict[str, Any]:
        names = table.get("columns", {})
        if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
            self._fail(f"{place} columns", f"{names!r} is not names", 'write columns = { "发言" = "text" }')
        return {"columns": names} if names else {}

    def _moved(self, table: Mapping[str, Any], instrument: Instrument) -> dict[str, str]:
        """Where a theme belongs in the instrument."""
        place, moved = "[statements] dimensions", table.get("dimensions", {})
        known = [each.id for each in instrument.dimensions]
        if not isinstance(moved, dict) or not all(isinstance(name, str) for name in _flat(moved).values()):
            self._fail(place, f"{moved!r} is not names", f'write "service_elements.timeliness" = "{known[0]}"')
        flat = _flat(moved)
        for theme, name in flat.items():
            if name not in known:
                self._fail(
                    place,
                    f"{theme} = {name!r} is no dimension of {instrument.name}",
                    f"use {', '.join(known)}",
                    name,
                    known,
                )
        return flat

    def _listening(self) -> ListeningAsked | None:
        from servqual.listening import available_listening_matrices, load_listening_matrix

        table, place = self.content.get("listening"), "[listening]"
        if table is None:
            return None
        self._only(table, place, _LISTENING)
        named, links = (self._text(table, key, place) for key in ("matrix", "weak_links"))
        if not named and not links:
            self._fail(place, "it names nothing", 'write matrix = "illustrative", or weak_links = "weak_links.csv"')
        found: str | Path | None = named
        if named is not None:
            own = named.endswith((".toml", ".csv", ".xlsx")) and named not in available_listening_matrices()
            found = self._inside(named, f"{place} matrix") if own else named
            with self._at(f"{place} matrix"):
                load_listening_matrix(found)
        return ListeningAsked(found, None if links is None else self._inside(links, f"{place} weak_links"))

    def _experts(self) -> ExpertFile | None:
        table, place = self.content.get("experts"), "[experts]"
        if table is None:
            return None
        self._only(table, place, _EXPERTS)
        path = self._file_of(table, place, "experts.csv")
        named: dict[str, Any] = {key: self._text(table, key, place) for key in ("expert", "round") if key in table}
        chosen = self._chosen(table, "method", place, ExpertMethod)
        if chosen.get("method") == "points" and "round" in table:
            self._fail(f"{place} round", "points asked once have no rounds", 'take it out, or write method = "delphi"')
        return ExpertFile(path, options=self._reading(table, place), **{**chosen, **named})


def _flat(moved: Mapping[str, Any]) -> dict[str, Any]:
    """``service_elements.timeliness = …`` without quotes is a table in a table; either way of writing is understood.

    >>> _flat({"service_elements": {"timeliness": "responsiveness"}, "business_demand": "empathy"})
    {'service_elements.timeliness': 'responsiveness', 'business_demand': 'empathy'}
    """
    found: dict[str, Any] = {}
    for name, value in moved.items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, Mapping) else {name: value}
        found |= inner
    return found
