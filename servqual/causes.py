"""What does study.toml say of causes, and what do the data say of them? Where quality is lost, what staff see, what is complained of.

Like :mod:`servqual.inspections` it computes nothing itself: the tables ``[managers]``, ``[staff]``, ``[standards]``, ``[promises]``,
``[complaints]`` and ``[diagnosis]`` are read strictly, and the verbs of the chapters are called in order, each when its numbers are asked
for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servqual.customers import Customers, unless_too_few
from servqual.instruments import Instrument
from servqual.responses import Faults, PersonalDataRule, Responses
from servqual.settings import Reading, Settings, in_file, is_number
from survey_design.errors import DataError, SpecError
from survey_design.files.table import Source, read_table
from survey_design.results import Language, Text, Variable, say

if TYPE_CHECKING:
    from servqual.complaints import ComplaintClusters, Complaints, ComplaintShares, PromisesKept, StageLimits
    from servqual.diagnosis import Diagnosis, ItemLevels, StaffComparison, Triangulation
    from servqual.focus import Digest
    from servqual.inspections import InspectionResults
    from servqual.study_file import AnswerFile
    from servqual.voices import VoiceResults

ANSWERED = ("managers", "staff")
TABLES = (*ANSWERED, "standards", "promises", "complaints", "diagnosis")
_SEED = 0
_LEVELS = {"file", "reviewer", "item", "level", "several", "faults", "encoding", "sheet"}
_COMPLAINTS = {"file", "until", "columns", "limits", "faults", "personal_data", "encoding", "sheet"}
_DIAGNOSIS = {"indicators", "floor"}
_STAGES = {"dispatch", "solve", "whole"}
SUBJECTS: Mapping[str, Text] = {
    "standards": {"en": "Standards", "zh": "服务标准"},
    "promises": {"en": "Promises", "zh": "对外承诺"},
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BOTH = ("paired", "independent")  # what customers expect, and what they perceive


@dataclass(frozen=True)
class LevelFile:
    """What reviewers read into standards or promises.

    Attributes
    ----------
    table : "standards" or "promises"
    path, instrument : the file, and whose items and scale its levels belong to
    options : further arguments of :func:`servqual.diagnosis.read_item_levels`
    """

    table: str
    path: Path
    instrument: Instrument
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, language: Language, level: float = 0.95) -> ItemLevels:
        """The levels, checked."""
        from servqual.diagnosis import read_item_levels

        with in_file(self.path.name):
            found = read_item_levels(
                self.path, self.instrument, subject=SUBJECTS[self.table], confidence=level, **self.options
            )
        return found.in_language(language)

    @property
    def source(self) -> Source:
        """Where it came from, with checksum."""
        reading = {key: self.options[key] for key in ("encoding", "sheet") if key in self.options}
        return read_table(self.path, **reading)[1]

    def reading(self) -> Reading:
        """How many reviewers gave levels of how many items."""
        said = [say(each, "en") for each in self.read("en").remarks]
        return Reading(f"{self.path.name}: {'; '.join(said)}.")


@dataclass(frozen=True)
class ComplaintFile:
    """The register of complaints, and how long each department may take.

    Attributes
    ----------
    path, instrument : the file, and whose items its complaints are about
    limits : hours by department, or by department and stage; empty where there are none
    options : further arguments of :func:`servqual.complaints.read_complaints`
    """

    path: Path
    instrument: Instrument
    limits: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, language: Language) -> Complaints:
        """The complaints, checked and masked."""
        from servqual.complaints import read_complaints

        with in_file(self.path.name):
            return read_complaints(self.path, self.instrument, **self.options).in_language(language)

    def reading(self) -> Reading:
        """How many complaints can be used; what was masked."""
        found = self.read("en")
        aside, read = len(found.cases), found.n + len(found.set_aside)
        kept = f"{self.path.name}: {found.n:,} of {read:,} complaint{'s' * (read != 1)} kept"
        kept += f", {aside:,} fault{'s' * (aside != 1)} set aside." if aside else "."
        masked = (
            f"{self.path.name}: personal data, masked on reading ({found.masked:,} cell{'s' * (found.masked != 1)})."
        )
        warnings = [*([masked] if found.masked else []), *self._unused_limits(found)]
        return Reading(kept, tuple(warnings), found.cases)

    def _unused_limits(self, found: Complaints) -> list[str]:
        """Departments with a limit and no complaint: their names may be misspelt."""
        there = sorted({str(name) for name in found.frame["department"].dropna()})
        unused = [str(name) for name in self.limits if str(name) not in there]
        if not unused:
            return []
        named, known = ", ".join(map(repr, unused)), ", ".join(there) or "none"
        return [f"[complaints.limits] {named}: no complaint names such a department. Departments: {known}."]


@dataclass(frozen=True)
class Causes:
    """What study.toml says of causes.

    Attributes
    ----------
    managers, staff : who was asked beside the customers; None where nobody was
    standards, promises, complaints : files; None where the study has none
    indicators : item -> indicators of the checklist that show whether its standard is kept
    floor : the service where nothing of a standard is kept; None for the scale's lowest
    settings : as written, for the record
    """

    managers: AnswerFile | None = None
    staff: AnswerFile | None = None
    standards: LevelFile | None = None
    promises: LevelFile | None = None
    complaints: ComplaintFile | None = None
    indicators: Mapping[str, Sequence[str]] = field(default_factory=dict)
    floor: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[AnswerFile, ...]:
        """Files of answers to the items of the instrument."""
        return tuple(each for each in (self.managers, self.staff) if each is not None)

    def readings(self, language: Language) -> Iterator[Callable[[], Reading]]:
        """Every file, to be read one by one; of answers every fault by itself."""
        for file in self.files:
            problems, answers = file.problems()
            yield from (partial(_refuse, problem) for problem in problems)
            if answers is not None:
                yield partial(_answered, file, answers, language)
        for levels in (self.standards, self.promises):
            if levels is not None:
                yield levels.reading
        if self.complaints is not None:
            yield self.complaints.reading

    def results(
        self,
        language: Language,
        customers: Customers,
        inspection: InspectionResults | None = None,
        voices: VoiceResults | None = None,
    ) -> CauseResults:
        """The files, read; their numbers are computed when they are asked for."""
        answers: dict[str, Any] = {file.table: file.read() for file in self.files}
        levels: dict[str, Any] = {
            file.table: file.read(language, customers.level) for file in (self.standards, self.promises) if file
        }
        complaints = None if self.complaints is None else self.complaints.read(language)
        sources = [each.source for each in answers.values()]
        sources += [file.source for file in (self.standards, self.promises) if file]
        sources += [] if complaints is None else [complaints.source]
        return CauseResults(
            self, language, customers, inspection, voices, complaints=complaints, sources=tuple(sources), **answers, **levels
        ).told_in(language)  # fmt: skip


def _refuse(problem: DataError | SpecError) -> Reading:
    raise problem


def _answered(file: AnswerFile, answers: Responses, language: Language) -> Reading:
    """How many of those who were asked can be used."""
    faulty = file.faulty(answers)
    n, read, aside = answers.n, answers.source.n_raw, len(faulty)
    cells = f"{aside:,} faulty cell{'s' * (aside != 1)}"
    kept = f"{file.path.name}: {n:,} of {read:,} row{'s' * (read != 1)} kept"
    if aside and file.faults == "raise":
        kept = f"{file.path.name}: {read:,} row{'s' * (read != 1)} read, {cells} found."
    else:
        kept += f", {cells} set aside." if aside else "."
    return Reading(kept, tuple(file.warnings(answers, language)), faulty)


@dataclass(frozen=True, eq=False)
class CauseResults:
    """What the data say of causes, each part computed when it is asked for; a part that the data don't allow is None.

    Attributes
    ----------
    asked, language : what was run, and the language it is told in
    customers : the survey
    inspection, voices : what mystery shoppers found and what people said; None where the study has none of it
    managers, staff, standards, promises, complaints : the files
    sources : where they came from, with checksum
    """

    asked: Causes
    language: Language
    customers: Customers
    inspection: InspectionResults | None = None
    voices: VoiceResults | None = None
    managers: Responses | None = None
    staff: Responses | None = None
    standards: ItemLevels | None = None
    promises: ItemLevels | None = None
    complaints: Complaints | None = None
    sources: tuple[Source, ...] = ()

    def in_language(self, language: Language) -> CauseResults:
        """The same files, told in another language."""
        return self if language == self.language else self.told_in(language)

    def told_in(self, language: Language) -> CauseResults:
        """All parts in one language."""
        parts = ("customers", "inspection", "voices", "managers", "staff", "standards", "promises", "complaints")
        told = {name: part.in_language(language) for name in parts if (part := getattr(self, name)) is not None}
        return replace(self, language=language, **told)

    @property
    def answered(self) -> list[tuple[AnswerFile, Responses]]:
        """Files of answers, each with what it holds."""
        both = ((self.asked.managers, self.managers), (self.asked.staff, self.staff))
        return [(file, answers) for file, answers in both if file is not None and answers is not None]

    # -- the five gaps

    @cached_property
    def kept(self) -> ItemLevels | None:
        """How much of the standard is kept, as the shoppers saw it."""
        from servqual.diagnosis import inspected_items

        if self.inspection is None or not self.asked.indicators:
            return None
        instrument, scores = self.customers.responses.instrument, self.inspection.scores
        return inspected_items(
            scores, self.asked.indicators, instrument=instrument, confidence=self.customers.level
        ).in_language(self.language)

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """All gaps, what is delivered worked out from what is kept."""
        return self._diagnosis(self.kept)

    @cached_property
    def plain(self) -> Diagnosis | None:
        """The gaps of answers and readings alone: nothing is assumed on what is delivered. The same, where nothing was inspected."""
        return self.diagnosis if self.kept is None else self._diagnosis(None)

    @cached_property
    def at_best(self) -> Diagnosis | None:
        """The gaps if every standard were kept in full: what is promised beyond even the standards."""
        from servqual.diagnosis import ItemLevels

        if self.standards is None or self.promises is None:
            return None
        fully = ItemLevels.given(dict.fromkeys(self.standards.items, 1.0), kind="share")
        return self._diagnosis(fully, managers=None)  # what they believe has no part in it

    def _diagnosis(self, kept: ItemLevels | None, **instead: Any) -> Diagnosis | None:
        from servqual.diagnosis import diagnose

        sides = {
            "managers": self.managers,
            "standards": self.standards,
            "promises": self.promises,
            "kept": kept,
        } | instead
        if self.customers.responses.pairing not in _BOTH or not any(each is not None for each in sides.values()):
            return None
        asked: dict[str, Any] = {**sides, "level": self.customers.level, "floor": self.asked.floor, "seed": _SEED}
        if "adjust" in self.customers.options:
            asked["adjust"] = self.customers.options["adjust"]
        found = unless_too_few(lambda: diagnose(self.customers.responses, **asked))
        return None if found is None else found.in_language(self.language)

    # -- beside the customers

    @cached_property
    def staff_gaps(self) -> StaffComparison | None:
        """What staff believe and see, beside what customers expect and perceive."""
        from servqual.diagnosis import compare_staff

        staff = self.staff
        if staff is None:
            return None
        level = self.customers.level
        found = unless_too_few(lambda: compare_staff(self.customers.responses, staff, level=level))
        return None if found is None else found.in_language(self.language)

    @cached_property
    def triangulation(self) -> Triangulation | None:
        """Whether survey, inspection, focus groups and complaints point at the same dimensions; None with fewer than two of them."""
        from servqual.diagnosis import triangulate

        gaps = self.customers.gaps[0] if self.customers.gaps else None
        statements = None if self.voices is None else self.voices.statements
        sources: dict[str, Any] = {
            "gaps": gaps,
            "inspection": self.kept,
            "statements": statements,
            "complaints": self.about,
        }
        if sum(each is not None for each in sources.values()) < 2:
            return None
        asked = None if self.voices is None else self.voices.asked.statements
        more: dict[str, Any] = {"themes": asked.dimensions} if asked and asked.dimensions else {}
        more |= {"instrument": self.customers.responses.instrument, "level": self.customers.level}
        found = unless_too_few(lambda: triangulate(**sources, **more))
        return None if found is None else found.in_language(self.language)

    # -- complaints

    @property
    def register(self) -> Complaints:
        """The complaints, where the study has some."""
        if self.complaints is None:
            raise DataError("the study has no [complaints].")
        return self.complaints

    def _shares(self, of: str) -> ComplaintShares | None:
        from servqual.complaints import complaint_shares

        if self.complaints is None or self.complaints.frame[of].isna().all():
            return None
        return complaint_shares(self.complaints, of=of, level=self.customers.level)

    @cached_property
    def about(self) -> ComplaintShares | None:
        """What is complained of, by dimension."""
        return self._shares("dimension")

    @cached_property
    def about_items(self) -> ComplaintShares | None:
        """The same by item."""
        return self._shares("item")

    @cached_property
    def clusters(self) -> ComplaintClusters | None:
        """Place × phenomenon: from many complaints to few solutions; None where the register names neither."""
        from servqual.complaints import complaint_clusters

        within = ("place", "phenomenon")
        if self.complaints is None or self.complaints.frame[list(within)].isna().all().any():
            return None
        return complaint_clusters(self.complaints, within=within, level=self.customers.level, seed=_SEED)

    @cached_property
    def stages(self) -> StageLimits | None:
        """Whether departments keep their time limits."""
        from servqual.complaints import stage_limits

        asked = self.asked.complaints
        if self.complaints is None or asked is None or not asked.limits:
            return None
        return stage_limits(self.complaints, asked.limits, level=self.customers.level)

    @cached_property
    def dates_kept(self) -> PromisesKept | None:
        """Whether what was promised to those who complained was kept."""
        from servqual.complaints import promises_kept

        if (
            self.complaints is None
            or self.complaints.frame["promised"].isna().all()
            or "solved" in self.complaints.absent
        ):
            return None
        by = "department" if self.complaints.frame["department"].notna().any() else None
        return promises_kept(self.complaints, by=by, level=self.customers.level)

    @cached_property
    def digest(self) -> Digest | None:
        """One complaint of every dimension in customers' own words, drawn by lot."""
        from servqual.focus import verbatim_digest

        if self.complaints is None or self.complaints.frame["text"].isna().all():
            return None
        return verbatim_digest(self.complaints.statements(), seed=_SEED, each=1, by=None, of="dimension")

    def checked(self) -> Iterator[Any]:
        """The parts in which a fault of the files or of study.toml may still show itself."""
        for name in ("kept", "diagnosis", "staff_gaps", "about", "stages", "dates_kept"):
            yield getattr(self, name)


# --- reading study.toml ------------------------------------------------------------------------------------


class CauseSettings(Settings):
    """Reads the tables of causes, each fault with its place."""

    def causes(
        self, instrument: Instrument, answered: Mapping[str, AnswerFile], variables: Mapping[str, Variable]
    ) -> Causes | None:
        """What the study says of causes; None where it says nothing. ``answered`` are the files of managers and staff."""
        kept = {name: self.content[name] for name in TABLES if name in self.content}
        if not kept:
            return None
        indicators, floor = self._diagnosis(instrument)
        return Causes(
            **answered, standards=self._levels("standards", instrument), promises=self._levels("promises", instrument),
            complaints=self._complaints(instrument, variables), indicators=indicators, floor=floor, settings=kept,
        )  # fmt: skip

    def _levels(self, name: str, instrument: Instrument) -> LevelFile | None:
        table, place = self.content.get(name), f"[{name}]"
        if table is None:
            return None
        self._only(table, place, _LEVELS)
        path = self._file_of(table, place, f"{name}.csv")
        options: dict[str, Any] = {
            key: self._text(table, key, place) for key in ("reviewer", "item", "level", "several") if key in table
        }
        options |= self._chosen(table, "faults", place, Faults) | self._reading(table, place)
        return LevelFile(name, path, instrument, options)

    def _complaints(self, instrument: Instrument, variables: Mapping[str, Variable]) -> ComplaintFile | None:
        table, place = self.content.get("complaints"), "[complaints]"
        if table is None:
            return None
        self._only(table, place, _COMPLAINTS)
        path = self._file_of(table, place, "complaints.csv")
        options = self._chosen(table, "faults", place, Faults) | self._reading(table, place)
        options |= self._chosen(table, "personal_data", place, PersonalDataRule) | {"variables": dict(variables)}
        if "until" in table:
            if not isinstance(table["until"], (date, str)):
                self._fail(f"{place} until", f"{table['until']!r} is not a day", "write until = 2026-12-31")
            if isinstance(table["until"], str) and not _DAY.match(table["until"]):
                self._fail(f"{place} until", f"{table['until']!r} is not a day", "write until = 2026-12-31")
            options["until"] = str(table["until"])
        if "columns" in table:
            names = table["columns"]
            if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
                self._fail(f"{place} columns", f"{names!r} is not names", 'write columns = { "工单" = "complaint" }')
            options["columns"] = names
        return ComplaintFile(path, instrument, self._limits(table.get("limits", {})), options)

    def _limits(self, limits: Any) -> dict[str, Any]:
        """Hours by department, or by department and stage."""
        place, remedy = "[complaints.limits]", "write store = 48, or store = { dispatch = 8, solve = 48 }, in hours"
        if not isinstance(limits, dict):
            self._fail(place, f"{limits!r} is not a table", remedy)
        for department, hours in limits.items():
            stages = hours if isinstance(hours, dict) else {"solve": hours}
            self._only(stages, f"{place} {department}", _STAGES)
            for stage, each in stages.items():
                if not is_number(each) or each <= 0:
                    self._fail(f"{place} {department}", f"{stage} = {each!r} is not a number of hours", remedy)
        return dict(limits)

    def _diagnosis(self, instrument: Instrument) -> tuple[dict[str, tuple[str, ...]], float | None]:
        """Which indicators show whether an item's standard is kept, and what service is left where nothing is."""
        table, place, scale = self.content.get("diagnosis", {}), "[diagnosis]", instrument.scale
        self._only(table, place, _DIAGNOSIS)
        floor = table.get("floor")
        if floor is not None and (not is_number(floor) or not scale.low <= floor < scale.high):
            self._fail(f"{place} floor", f"{floor!r} is not a level from {scale.low:g} to under {scale.high:g}",
                       f"write floor = {scale.low:g}")  # fmt: skip
        indicators, place = table.get("indicators", {}), "[diagnosis.indicators]"
        if not isinstance(indicators, dict):
            self._fail(place, f"{indicators!r} is not a table", f"write {place} on a line of its own")
        if indicators and "visits" not in self.content:
            self._fail(place, "there are no visits it belongs to", 'write [visits] with file = "visits.csv" too')
        self._only(indicators, place, {each.id for each in instrument.items})
        for item, names in indicators.items():
            given = names if isinstance(names, list) else [names]
            if not given or not all(isinstance(name, str) for name in given):
                self._fail(f"{place} {item}", f"{names!r} is not indicators", f'write {item} = ["cleanliness"]')
        told = {item: (names,) if isinstance(names, str) else tuple(names) for item, names in indicators.items()}
        return told, None if floor is None else float(floor)
