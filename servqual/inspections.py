"""What does study.toml say of mystery visits, and what do they tell together with the customers' answers?

Like :mod:`servqual.study`, whose tables ``[checklist]``, ``[visits]``, ``[competitors]``, ``[moves]`` and ``[inspectors]`` are read here,
it computes nothing itself: it reads strictly, and calls the verbs of the chapters in order, each when its numbers are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from servqual.mystery.checklist import Checklist, available_checklists, load_checklist
from servqual.mystery.visits import FLAGS, ROTATION_MONTHS, Mode, Visits, read_visits
from servqual.responses import Faults, PersonalDataRule, Responses
from servqual.settings import Settings, is_number, is_whole
from survey_design.errors import DataError, check_choice, check_columns
from survey_design.files.table import Source, read_table
from survey_design.results import Language, Variable, say

if TYPE_CHECKING:
    from servqual.agreement import Agreement
    from servqual.angles import ThreeAngles
    from servqual.benchmark import CompetitorComparison
    from servqual.best_stores import BenchmarkStores
    from servqual.dependability import Dependability, Severity
    from servqual.index_weights import FittedWeights
    from servqual.moves import BeforeAfter
    from servqual.mystery.effects import VisitDifferences
    from servqual.mystery.scores import VisitScores
    from servqual.mystery.standings import StoreStandings
    from servqual.store_agreement import StoreAgreement
    from survey_design.visits import VisitAudit

Found = TypeVar("Found")
TABLES = ("checklist", "visits", "competitors", "moves", "inspectors")
FLAGGED = {text["en"] for text in FLAGS.values()}  # what is said of visits that are kept
_SEED = 0
_READING = {"file", "columns", "faults", "encoding", "sheet", "personal_data"}
_VISITS = {*_READING, "answers", "stores", "strata", "within", "mode", "exposed", "rotation_months", "threshold", "green", "red",
           "question", "not_applicable"}  # fmt: skip
_DAYS = 90  # before and after a move


@dataclass(frozen=True)
class VisitFile:
    """A file of visits and how it is read; ``options`` are arguments of :func:`servqual.mystery.visits.read_visits`."""

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, checklist: Checklist) -> Visits:
        """The visits, checked."""
        return read_visits(self.path, checklist, **self.options)


@dataclass(frozen=True)
class Inspection:
    """What study.toml says of visits.

    Attributes
    ----------
    checklist : what inspectors looked for
    visits, competitors : files; None where there are no competitors
    moves, days, inspectors : log of what companies did, how long before and after it is looked at, list of inspectors
    within : column of the stores' group
    mode : the kind of visits that scores are made of, where there are both; the other kind is compared with it
    exposed : whether covert visits that were discovered count
    threshold : score that a store should reach; None for none
    green, red : lines of the inspection, and of customers
    question : what of the customers' answers is held beside the inspection
    settings : as written, for the record
    """

    checklist: Checklist
    visits: VisitFile
    competitors: VisitFile | None = None
    moves: Path | None = None
    days: int = _DAYS
    inspectors: Path | None = None
    within: str | None = None
    mode: Mode = "covert"
    exposed: str = "out"
    threshold: float | None = None
    green: float = 85.0
    red: float = 70.0
    question: str = "mean"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def read(
        self, language: Language
    ) -> tuple[Visits, Visits | None, pd.DataFrame | None, pd.DataFrame | None, tuple[Source, ...]]:
        """All files: our visits, competitors', moves, inspectors; and where they came from."""
        checklist = self.checklist.in_language(language)
        visits = self.visits.read(checklist)
        theirs = None if self.competitors is None else self.competitors.read(checklist)
        tables = [None if path is None else read_table(path) for path in (self.moves, self.inspectors)]
        sources = [
            visits.source,
            *([theirs.source] if theirs is not None else []),
            *(each[1] for each in tables if each),
        ]
        moves, inspectors = (None if each is None else each[0] for each in tables)
        if inspectors is not None and self.inspectors is not None:
            from survey_design.visits.given import with_numbers

            check_columns(["inspector"], inspectors.columns, self.inspectors.name)
            inspectors = with_numbers(inspectors, {"capacity": "visits a month"}, "inspector", self.inspectors.name)
        return visits, theirs, moves, inspectors, tuple(sources)


@dataclass(frozen=True, eq=False)
class InspectionResults:
    """What visits found, each part computed when it is asked for; a part that the data don't allow is None.

    Attributes
    ----------
    inspection, language : what was run, and the language it is told in
    visits, competitors, moves, inspectors : the files
    responses, by, match, expected : the customers' answers, the column of their store, how it finds its expectations, fixed levels
    level : confidence of the intervals
    sources : the files, with checksum
    """

    inspection: Inspection
    language: Language
    visits: Visits
    competitors: Visits | None
    moves: pd.DataFrame | None
    inspectors: pd.DataFrame | None
    responses: Responses
    by: str = "store"
    match: str | None = None
    expected: Any = None
    level: float = 0.95
    sources: tuple[Source, ...] = ()

    def in_language(self, language: Language) -> InspectionResults:
        """The same files, told in another language."""
        if language == self.language:
            return self
        theirs = None if self.competitors is None else self.competitors.in_language(language)
        return replace(self, language=language, visits=self.visits.in_language(language), competitors=theirs,
                       responses=self.responses.in_language(language))  # fmt: skip

    @property
    def within(self) -> str | None:
        """The column of the stores' group, where it is there."""
        return self.inspection.within

    @property
    def mixed(self) -> bool:
        """True where both covert and announced visits were made."""
        return "mode" in self.visits.frame and self.visits.frame["mode"].nunique() > 1

    @property
    def scored(self) -> Visits:
        """The visits that scores are made of: of one kind, where there are both."""
        chosen = self.visits.frame["mode"].eq(self.inspection.mode) if self.mixed else None
        return self.visits if chosen is None else self.visits.chosen(chosen.to_numpy(bool))

    # -- what the shoppers saw

    def scores_by(self, by: str | None = None, *, all_modes: bool = False) -> VisitScores:
        """Scores, split or not."""
        from servqual.mystery.scores import score_visits

        visits = self.visits if all_modes else self.scored
        return score_visits(visits, by=by, level=self.level, exposed=self.inspection.exposed)  # type: ignore[arg-type]

    @cached_property
    def scores(self) -> VisitScores:
        """Scores of all visits of the chosen kind."""
        return self.scores_by()

    @cached_property
    def by_store(self) -> VisitScores:
        """The same by store."""
        return self.scores_by("store")

    @cached_property
    def by_group(self) -> VisitScores | None:
        """The same by group of stores."""
        return self.scores_by(self.within) if self.within else None

    @cached_property
    def differences(self) -> tuple[VisitDifferences, ...]:
        """Kinds of visits compared: modes over all visits, scenarios and agencies over those that are scored."""
        found = []
        for name in ("mode", "agency", "scenario"):
            scores = self.scores_by(all_modes=True) if name == "mode" else self.scores
            frame = scores.visits.frame
            if name in frame and frame[name].nunique() > 1:
                found.append(scores.differences(name, parts=("total",)))
        return tuple(found)

    @cached_property
    def standings(self) -> StoreStandings:
        """Every store, pulled towards its group, with the ranks that are open."""
        return self.scores.stores(within=self.within, threshold=self.inspection.threshold, seed=_SEED)

    @cached_property
    def benchmarks(self) -> BenchmarkStores | None:
        """The store of every group that others may learn from."""
        from servqual.best_stores import benchmark_stores

        return benchmark_stores(self.scores, within=self.within, seed=_SEED) if self.within else None

    @cached_property
    def roster(self) -> VisitAudit | None:
        """Whether inspectors kept away long enough, and from stores of friends."""
        from survey_design.visits import audit_visits

        frame = self.visits.frame
        if not {"inspector", "date"} <= set(frame.columns):
            return None
        log = frame.loc[frame["date"].notna() & frame["inspector"].notna()]
        months = {"gap_months": self.visits_options.get("rotation_months", ROTATION_MONTHS)}
        return audit_visits(log, inspectors=self.inspectors, language=self.language, **months)

    @property
    def visits_options(self) -> Mapping[str, Any]:
        """How our visits were read."""
        return self.inspection.visits.options

    # -- how far it can be trusted

    @cached_property
    def dependability(self) -> Dependability | None:
        """Variance of stores, inspectors and visits in the total."""
        from servqual.dependability import dependability
        from servqual.mystery.scores import TOTAL

        score = say(TOTAL, self.language)
        frame = self.scores.per_visit().rename(columns={"final": score})
        if "inspector" not in frame:
            return None
        fixed = [name for name in ("agency", "scenario") if name in frame and frame[name].nunique() > 1]
        found = possible(lambda: dependability(frame, score=score, fixed=fixed, level=self.level, seed=_SEED))
        if found is None:
            return None
        named = {name: Variable(column.label, column.words) for name in ("store", "inspector", "agency", "scenario")
                 if (column := self.visits.column_of(name))}  # fmt: skip
        return found.with_labels(named).in_language(self.language)

    @property
    def severity(self) -> Severity | None:
        """Inspectors under names that say nothing: No. 1 is the most severe."""
        found = None if self.dependability is None else self.dependability.severity()
        return (
            None
            if found is None
            else replace(found, frame=found.frame.assign(inspector=numbered(len(found.frame), self.language)))
        )

    @cached_property
    def agreement(self) -> Agreement | None:
        """Answers of double visits, item by item."""
        from servqual.agreement import agreement

        if "double" not in self.visits.frame or self.visits.frame["double"].notna().sum() < 2:
            return None
        ratings = self.visits.double_ratings()
        found = possible(
            lambda: agreement(
                ratings, units="unit", raters="rater", value="value", clusters="double", level=self.level, seed=_SEED
            )
        )
        return None if found is None else found.in_language(self.language)

    # -- beside the customers

    @property
    def rated(self) -> bool:
        """True where customers' answers name their store."""
        return any("perception" in side.forms and self.by in side.columns for side in self.responses.sides)

    @cached_property
    def angles(self) -> ThreeAngles | None:
        """Expected, delivered, perceived."""
        from servqual.angles import three_angles

        told = any("expectation" in side.forms for side in self.responses.sides) or self.expected is not None
        if not told or not self.rated:
            return None
        scores = self.by_store if self.by == "store" else self.scores_by(self.by)
        match = self.match if self.responses.pairing == "independent" else None
        asked: dict[str, Any] = {"within": self.within, "match": match, "expected": self.expected, "level": self.level}
        return possible(lambda: three_angles(self.responses, scores, **asked))

    @cached_property
    def customers(self) -> pd.DataFrame | None:
        """Customers' mean rating of every store: ``store, rating, n, se``."""
        from servqual.store_agreement import store_ratings

        return store_ratings(self.responses, by=self.by, question=self.inspection.question) if self.rated else None

    def store_agreement(self, without: Collection[Any] = ()) -> StoreAgreement | None:
        """Inspection against customers, store by store, some stores left out."""
        from servqual.store_agreement import compare_store_scores

        if self.customers is None:
            return None
        told = self.customers[~self.customers["store"].isin(list(without))]
        asked: dict[str, Any] = {"green": self.inspection.green, "red": self.inspection.red, "level": self.level}
        return possible(lambda: compare_store_scores(self.scores, told, **asked))

    @cached_property
    def fitted(self) -> FittedWeights | None:
        """Weights that bring the inspection nearest to the customers, up to a constant: the two scales are not the same ruler."""
        from servqual.index_weights import fit_index_weights

        told = self.customers
        if told is None:
            return None
        asked: dict[str, Any] = {"intercept": True, "level": self.level, "seed": _SEED}
        return possible(lambda: fit_index_weights(self.scores, told, **asked))

    # -- competitors

    @cached_property
    def comparison(self) -> CompetitorComparison | None:
        """Own less competitor, category by category."""
        from servqual.benchmark import compare_competitors

        if self.competitors is None:
            return None
        asked: dict[str, Any] = {"parts": ("total", "category", "indicator"), "level": self.level}
        return compare_competitors(self.visits, self.competitors, within=self.within or "tier", **asked)

    @cached_property
    def moved(self) -> BeforeAfter | None:
        """What companies did, and their scores before and after."""
        from servqual.moves import before_and_after

        if self.competitors is None or self.moves is None:
            return None
        log = (
            self.moves.assign(what=self.moves["what_zh"])
            if self.language == "zh" and "what_zh" in self.moves
            else self.moves
        )
        return before_and_after(self.scored, self._of_mode(self.competitors), log, within=self.within or "tier", level=self.level,
                                days=self.inspection.days)  # fmt: skip

    def _of_mode(self, visits: Visits) -> Visits:
        """A competitor's visits of the kind that scores are made of, where it has any."""
        if not self.mixed or "mode" not in visits.frame:
            return visits
        chosen = visits.frame["mode"].eq(self.inspection.mode).to_numpy(bool)
        return visits.chosen(chosen) if chosen.any() else visits

    def checked(self) -> Iterator[Any]:
        """The parts in which a fault of the files or of study.toml may still show itself."""
        for name in ("scores", "by_group", "differences", "roster", "agreement", "customers", "comparison", "moved"):
            yield getattr(self, name)


def possible(compute: Callable[[], Found]) -> Found | None:
    """What was computed, or None where the data are too few for it; the report says what would be needed."""
    try:
        return compute()
    except DataError:
        return None


def numbered(n: int, language: str = "en") -> list[str]:
    """Names that say nothing of a person.

    >>> numbered(3), numbered(1, "zh")
    (['No. 1', 'No. 2', 'No. 3'], ['1 号'])
    """
    return [f"{k} 号" if language == "zh" else f"No. {k}" for k in range(1, n + 1)]


# --- reading study.toml ------------------------------------------------------------------------------------


class InspectionSettings(Settings):
    """Reads the tables of visits, each fault with its place."""

    def inspection(self, variables: Mapping[str, Variable]) -> Inspection | None:
        """What the study says of visits; None where it says nothing."""
        if "visits" not in self.content:
            lone = [name for name in TABLES if name in self.content]
            if lone:
                self._fail(
                    f"[{lone[0]}]", "there are no visits it belongs to", 'write [visits] with file = "visits.csv" too'
                )
            return None
        if "checklist" not in self.content:
            self._fail(
                "[visits]", "nothing says what was looked for", 'write [checklist] with name = "telecom-store" too'
            )
        checklist, table = self._checklist(), self.content["visits"]
        self._only(table, "[visits]", _VISITS)
        kept = {name: self.content[name] for name in TABLES if name in self.content}
        moves = self._table_file("moves", {"file", "days"})
        return Inspection(
            checklist, self._visit_file(table, "[visits]", variables), self._competitors(variables), moves, self._days(),
            self._table_file("inspectors", {"file"}), settings=kept, **self._asked(table),
        )  # fmt: skip

    def _checklist(self) -> Checklist:
        table, place = self.content["checklist"], "[checklist]"
        self._only(table, place, {"name"})
        name = self._text(table, "name", place)
        if not name:
            self._fail(f"{place} name", "the key is missing", f'add name = "{available_checklists()[0]}", or a file')
        shipped = name in available_checklists() or not name.endswith((".toml", ".xlsx"))
        with self._at(f"{place} name"):
            found = load_checklist(name if shipped else self._inside(name, f"{place} name"))
        return found

    def _visit_file(self, table: Mapping[str, Any], place: str, variables: Mapping[str, Variable]) -> VisitFile:
        named = self._text(table, "file", place)
        if not named:
            self._fail(f"{place} file", "the key is missing", 'add file = "visits.csv"')
        options: dict[str, Any] = {key: self._text(table, key, place) for key in ("encoding", "strata") if key in table}
        for key in ("answers", "stores"):
            if key in table:
                options[key] = self._inside(str(self._text(table, key, place)), f"{place} {key}")
        if "columns" in table:
            if not isinstance(table["columns"], dict) or not all(
                isinstance(name, str) for name in table["columns"].values()
            ):
                self._fail(
                    f"{place} columns", f"{table['columns']!r} is not names", 'write columns = { "分店" = "store" }'
                )
            options["columns"] = table["columns"]
        if "not_applicable" in table:
            codes = table["not_applicable"] if isinstance(table["not_applicable"], list) else [table["not_applicable"]]
            if not all(is_number(code) or isinstance(code, str) for code in codes):
                self._fail(f"{place} not_applicable", f"{codes!r} is not codes", 'write not_applicable = ["-8"]')
            options["not_applicable"] = [str(code) for code in codes]
        if "sheet" in table:
            if not isinstance(table["sheet"], (str, int)) or isinstance(table["sheet"], bool):
                self._fail(f"{place} sheet", f"{table['sheet']!r} is neither a name nor a number", "write sheet = 0")
            options["sheet"] = table["sheet"]
        if "faults" in table:
            with self._at(f"{place} faults"):
                check_choice("faults", table["faults"], Faults)
            options["faults"] = table["faults"]
        if "personal_data" in table:
            with self._at(f"{place} personal_data"):
                check_choice("personal_data", table["personal_data"], PersonalDataRule)
            options["personal_data"] = table["personal_data"]
        if "rotation_months" in table:
            options["rotation_months"] = self._whole(table, "rotation_months", place, 1)
        return VisitFile(self._inside(named, f"{place} file"), {**options, "variables": dict(variables)})

    def _competitors(self, variables: Mapping[str, Variable]) -> VisitFile | None:
        if "competitors" not in self.content:
            return None
        table = self.content["competitors"]
        self._only(table, "[competitors]", {*_READING, "answers", "stores", "not_applicable"})
        return self._visit_file(table, "[competitors]", variables)

    def _table_file(self, name: str, known: set[str]) -> Path | None:
        if name not in self.content:
            return None
        table, place = self.content[name], f"[{name}]"
        self._only(table, place, known)
        if name == "moves" and "competitors" not in self.content:
            self._fail(
                place, "it belongs to competitors", 'write [competitors] with file = "competitor_visits.csv" too'
            )
        named = self._text(table, "file", place)
        if not named:
            self._fail(f"{place} file", "the key is missing", f'add file = "{name}.csv"')
        return self._inside(named, f"{place} file")

    def _days(self) -> int:
        return self._whole({"days": _DAYS, **self.content.get("moves", {})}, "days", "[moves]", 1)

    def _asked(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """How visits are scored and held beside the customers."""
        place = "[visits]"
        asked: dict[str, Any] = {key: self._text(table, key, place) for key in ("within", "question") if key in table}
        with self._at(place):
            if "mode" in table:
                check_choice("mode", table["mode"], Mode)
                asked["mode"] = table["mode"]
            if "exposed" in table:
                from servqual.mystery.scores import Exposed

                check_choice("exposed", table["exposed"], Exposed)
                asked["exposed"] = table["exposed"]
        for key in ("threshold", "green", "red"):
            if key in table:
                if not is_number(table[key]) or not 0 <= table[key] <= 100:
                    self._fail(f"{place} {key}", f"{table[key]!r} is not a score from 0 to 100", f"write {key} = 85")
                asked[key] = float(table[key])
        if asked.get("red", 70.0) > asked.get("green", 85.0):
            self._fail(f"{place} red", "it lies above green", "write red = 70 and green = 85")
        return asked

    def _whole(self, table: Mapping[str, Any], key: str, place: str, least: int) -> int:
        if not is_whole(table[key]) or table[key] < least:
            self._fail(
                f"{place} {key}",
                f"{table[key]!r} is not a whole number of {least} or more",
                f"write {key} = {least + 2}",
            )
        return int(table[key])
