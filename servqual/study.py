"""A study is a folder: ``study.toml`` names the instrument, the data and the settings; here they meet.

Nothing is computed in this module. It reads the file strictly (an unknown key is an error with a place and a
hint), keeps every path inside the study's folder, and calls the verbs of the toolkit in order: read, score,
compare, report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.inference import Adjust
from servqual.instruments import Instrument, available_instruments, load_instrument
from servqual.layouts import Layout
from servqual.measures import Missing, Rule, Total
from servqual.responses import Faults, PersonalDataRule, Responses, read_responses
from servqual.settings import NAME, Settings, is_number, is_whole, listed, open_study
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.files.table import HEADER_REPEATED, Source, read_table
from survey_design.results import Language, Text, Variable, say
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from servqual.comparability import Comparability
    from servqual.comparison import Comparison
    from servqual.gaps import GapScores, PerformanceScores
    from servqual.inspections import Inspection, InspectionResults
    from servqual.mystery.visits import Visits
    from servqual.privacy import PersonalData
    from servqual.report import Report
    from servqual.stores import StoreEstimates
    from servqual.tolerance import ToleranceScores
    from servqual.validity import Validity

_TOLERANCE = 0.5  # importance points may miss 100 by rounding
_LEAST_N = 100  # complete answers from which a group is asked whether it uses the same ruler
_SEED = 0  # of random data beside the eigenvalues: that of simulated ranks, so that a report has one seed
_MINIMUM_BASE = 5  # smallest base that a report shows, unless the study says otherwise
_FILES = ("responses", "expectation", "perception")
_VISITED = ("checklist", "visits", "competitors", "moves", "inspectors")  # read by servqual.inspections
_TABLES = {*_FILES, *_VISITED, "variables", "gaps", "importance", "expected", "stores", "validity", "report", "plan"}
TOP = {"title", "language", "instrument"} | _TABLES
_DESIGN_ORDER = ("strata", "clusters", "weight", "population", "whole_clusters", "selection")
_DESIGN = set(_DESIGN_ORDER)
_LONG = {"item", "answer", "form"}  # columns of a file with one line per answer
_READING = ("encoding", "sheet", "header_rows")  # what reading a file's cells needs to know
_OPTIONS = {"respondent", "columns", "missing_codes", "dont_know", "faults", "value_labels", "layout", "personal_data"}
_FILE = {"file", "instrument", *_READING, *_LONG} | _DESIGN | _OPTIONS
_GAPS = {"by", "match", "total", "adjust", "level", "missing", "minimum"}
_STORES = {"by", "within", "minimum"}
_LINES = ("distinct", "reliability", "floor", "p", "cfi", "rmsea", "srmr")  # where the gate draws its lines
_VALIDITY = {"of", "estimator", "missing", "by", "forms", "minimum", "skip", *_LINES}
_LEVELS = ("minimum", "desired", "perception")  # the forms of a zone of tolerance

_PLACES = {"importance": "[importance]", "points": "[importance]", "expected": "[expected]"}

# What functions say about their arguments, and how study.toml says it.
_TOML_WORDS = (
    (r"(?:pass|set) faults ?= ?'set aside'", 'write faults = "set aside"'),
    (r"; \.cases [^.]*(?=\.)| Look at \.cases\.", ""),
    (r"give fixed levels: expected=6; for perceptions alone use score_performance", "write [expected] all = 6"),
    (r"points='(own|mean)'", r'points = "\1" under [importance]'),
)


@dataclass(frozen=True)
class AnswerFile:
    """One data file of a study and how it is read.

    Attributes
    ----------
    table : the table of study.toml that names it: "responses", "expectation" or "perception"
    path, instrument, design : the file, what was asked in it, how its respondents were chosen
    options : further arguments of :func:`servqual.responses.read_responses`
    """

    table: str
    path: Path
    instrument: Instrument
    design: SampleDesign
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def faults(self) -> str:
        return str(self.options.get("faults", "raise"))

    def read(self, **changes: Any) -> Responses:
        """The answers, checked."""
        with _in_toml_words():
            return read_responses(self.path, self.instrument, self.design, **{**self.options, **changes})

    def problems(self) -> tuple[list[DataError | SpecError], Responses | None]:
        """Everything that is wrong with this file, and its answers where they can be read at all."""
        found: list[DataError | SpecError] = []
        table = _collect(found, self._table)
        if table is None:
            return found, None
        for wanted, present in self._columns_asked(*table):
            _collect(found, partial(check_columns, wanted, present, self.path.name))
        answers = _collect(found, partial(self.read, faults="set aside"))
        faulty = 0 if answers is None else len(_faulty(answers))
        if answers is not None and self.faults == "raise" and faulty:
            several = faulty > 1
            message = f"{self.path.name}: {_count(faulty, 'faulty cell')}: nothing is used until "
            message += f'{"they are" if several else "it is"} corrected or faults = "set aside" is written under '
            message += f"[{self.table}], which leaves {'them' if several else 'it'} out and counts {'them' if several else 'it'}."
            found.append(DataError(message, answers.cases))
        return found, answers

    def _columns_asked(self, frame: pd.DataFrame, source: Source) -> Iterator[tuple[Sequence[str], list[str]]]:
        """Columns that study.toml names, and the columns among which they must be."""
        header, others = list(frame.columns), dict(source.labels.other_names)
        present = [*header, *others]
        ours = {theirs: name for name, theirs in self._renamed.items()}
        names = [ours.get(name, name) for name in present]
        long = self.options.get("layout") == "long"
        if not long:  # else questions are cells, not columns
            yield list(self._renamed.values()), present
        yield self.design.column_names(), names
        yield (
            [self.options[key] for key in ("respondent", *(sorted(_LONG) if long else ())) if key in self.options],
            names,
        )

    def personal_data(self, answers: Responses | None) -> PersonalData | None:
        """What is personal in the file: what was masked, or what would be; None if it can't be looked for."""
        from servqual.privacy import find_personal_data

        masked = None if answers is None else answers.personal_data
        if masked is not None:
            return masked
        table = _collect([], self._table) if answers is None else (answers.frame,)
        if table is None:
            return None
        frame, respondent = table[0].rename(columns=str), self.options.get("respondent")
        asked = [] if answers is None else [str(name) for name in answers.answers_by_kind.index]
        known = {*asked, *self.design.column_names()} - {respondent}
        ignore = [name for name in frame.columns if name in known and not frame.columns.duplicated().any()]
        return find_personal_data(frame, ignore=ignore, respondent=respondent if respondent in frame else None)

    def warnings(self, answers: Responses | None, language: str) -> list[str]:
        """What is no error and must be known: guessed letters, one respondent, no variation, one cluster."""
        from servqual.report.cautions import data_cautions, language_remark

        guessed = self._guessed() if answers is None else self.encoding_remark(answers, "en")
        again = 0 if answers is None else answers.source.n_header_repeated
        told = language_remark(self.instrument, self.options.get("variables", {}), "en", language)
        return [
            *([guessed] if guessed else []),
            *([f"{self.path.name}, {self.instrument.name}: {told}"] if told else []),
            *([f"{self.path.name}: the header is repeated in {_count(again, 'row')}, left out."] if again else []),
            *self._personal(answers),
            *(data_cautions(answers, "en") if answers is not None else []),
        ]

    def _personal(self, answers: Responses | None) -> list[str]:
        """How many cells of which column hold what kind of personal data; never what stands there."""
        found = self.personal_data(answers)
        if found is None or found.frame.empty:
            return []
        lines = found.frame.to_dict("records")
        named = "; ".join(f"{line['column']}: {line['kind']} in {_count(line['n'], 'cell')}" for line in lines)
        done = "masked on reading" if set(found.frame["action"]) != {"found"} else "kept as they are"
        if answers is None:
            done = "found"
        return [f"{self.path.name}: personal data, {done} ({named})."]

    def encoding_remark(self, answers: Responses, language: str) -> str:
        """That the letters were guessed, with an example; empty where they were not."""
        from servqual.report.cautions import encoding_remark

        if "encoding" in self.options:
            return ""
        return encoding_remark(answers.source, answers.frame, language, self._renamed.values(), self.table)

    def _guessed(self) -> str:
        from servqual.report.cautions import encoding_remark

        table = None if "encoding" in self.options else _collect([], self._table)
        return "" if table is None else encoding_remark(table[1], table[0], "en", table=self.table)

    @property
    def _renamed(self) -> Mapping[str, str]:
        return self.options.get("columns", {})

    def _table(self) -> tuple[pd.DataFrame, Source]:
        reading = {key: self.options[key] for key in _READING if key in self.options}
        return read_table(self.path, **reading)


@dataclass(frozen=True)
class StudyCheck:
    """What is wrong with a study, all of it at once.

    Attributes
    ----------
    problems : sentences; empty if the study can be run
    notes : what was found and is dealt with as study.toml asks
    cases : DataFrame of every faulty cell, also of those set aside: ``file, row, column, value, problem``
    warnings : what is no problem, and yet must be known before the numbers are believed
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    cases: pd.DataFrame
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class StudyResults:
    """Everything one run of a study found.

    Attributes
    ----------
    study, language : what was run, and the language it is told in
    responses : what came back
    gaps : overall first, then one per column of ``by``; none where no expectations were asked
    comparisons : one per column of ``by`` that has more than one value
    zones : the zone of tolerance, where minimum and desired levels were asked
    stores : estimates of single stores, where the study asks for them
    performance : perceptions alone, overall first, where the instrument asks nothing else
    validity : what the gate says of the dimensions; None where it was not asked, or ``untested`` says why it can't
    comparability : per column of ``[validity] by``, whether its groups may be compared; under
        :data:`servqual.comparability.FORMS` whether expectations and perceptions may
    inspection : what mystery shoppers found, each part computed when it is asked for; None where the study has no visits
    """

    study: Study
    language: Language
    responses: Responses
    gaps: tuple[GapScores, ...]
    comparisons: tuple[Comparison, ...]
    zones: tuple[ToleranceScores, ...] = ()
    stores: StoreEstimates | None = None
    performance: tuple[PerformanceScores, ...] = ()
    validity: Validity | None = None
    untested: Text = field(default_factory=dict)
    comparability: Mapping[str, Comparability] = field(default_factory=dict)
    inspection: InspectionResults | None = None

    def report(self) -> Report:
        """The gap report of this run."""
        from servqual.report import Provenance, gap_report

        provenance = Provenance(
            sources=(
                *(side.source for side in self.responses.sides),
                *(self.inspection.sources if self.inspection else ()),
            ),
            settings=self.study.settings(),
            seed=self._seed(),
            command=f"servqual report {self.study.file} --language {self.language}",
            remarks=self._encodings(),
        )
        title = say(self.study.title, self.language)
        return gap_report(title, self.responses, self.gaps, self.comparisons, self.language, provenance,
                          zones=self.zones, stores=self.stores, minimum_base=self.study.minimum_base,
                          performance=self.performance, missing=self.study.missing, validity=self.validity,
                          untested=self.untested, comparability=self.comparability, inspection=self.inspection)  # fmt: skip

    def _seed(self) -> int | None:
        """Where random numbers start: of simulated ranks, and of random data beside the eigenvalues."""
        if self.stores is not None:
            return self.stores.seed
        return None if self.validity is None and self.inspection is None else _SEED

    def headlines(self) -> list[str]:
        """The total, and the widest shortfall of a dimension; or that they could not be tested."""
        from servqual.report.findings import headlines

        return headlines(self.gaps, self.zones, self.study.minimum_base, self.performance)

    def _encodings(self) -> tuple[str, ...]:
        """Which files' letters were guessed. Files stand in the study as [expectation], [perception]."""
        sides = reversed(self.responses.sides)
        said = [file.encoding_remark(side, self.language) for file, side in zip(self.study.files, sides, strict=True)]
        return tuple(filter(None, said))


@dataclass(frozen=True)
class Study:
    """What a study.toml says, checked.

    Attributes
    ----------
    folder, file : where it lies, and its name; nothing outside of the folder is touched
    title, language : what it is called, and the language of its report
    files : one file in which everybody answered both forms, or the expectation and the perception file
    by, match : columns to split by, one after the other; column that joins two files' groups
    options : further arguments of :func:`servqual.gaps.score_gaps`
    stores : arguments of :func:`servqual.stores.store_estimates`, None where single stores are not asked for
    validity : arguments of :func:`servqual.validity.validity`, and of :func:`servqual.comparability.comparability` ``by`` and
        ``minimum``; None where the scale is not to be tested
    minimum_base : smallest base that a report shows; 0 shows everything
    inspection : what it says of mystery visits; None where it has none
    """

    folder: Path
    file: str
    title: Text
    language: Language
    files: tuple[AnswerFile, ...]
    by: tuple[str, ...] = ()
    match: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    stores: Mapping[str, Any] | None = None
    validity: Mapping[str, Any] | None = None
    minimum_base: int = _MINIMUM_BASE
    inspection: Inspection | None = None

    def read(self) -> Responses:
        """The answers of all files, checked.

        Raises
        ------
        DataError
            Names every offending cell of the first faulty file; :meth:`check` goes through all files.
        """
        return _joined([file.read() for file in self.files])

    def check(self, language: Language | None = None) -> StudyCheck:
        """Everything that is wrong, in all files, without writing anything.

        Parameters
        ----------
        language : the one a report is to be written in, whose words are looked for; the study's own if left out
        """
        found: list[DataError | SpecError] = []
        sides: list[Responses] = []
        notes: list[str] = []
        warnings: list[str] = []
        for file in self.files:
            problems, answers = file.problems()
            found += problems
            warnings += file.warnings(answers, language or self.language)
            if answers is not None:
                sides.append(answers)
                notes.append(_kept(answers) if file.faults != "raise" else _read(answers))
        visits = [] if self.inspection is None else _collect(found, partial(self._visits, self.language)) or []
        notes += [_visited(each) for each in visits]
        warnings += [flag for each in visits for flag in _flags(each)]
        if not found:
            _collect(found, lambda: self._tried(_joined(sides)))
        return StudyCheck(
            problems=tuple(dict.fromkeys(str(error) for error in found)),
            notes=tuple(notes),
            cases=self.shown_cases(_all_cases([*sides, *visits], found)),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _tried(self, responses: Responses) -> None:
        """Everything that the report will ask for."""
        found = self.results(responses=responses)
        with _in_toml_words():
            for _ in [] if found.inspection is None else found.inspection.everything():
                pass

    def _visits(self, language: Language) -> list[Visits]:
        """Our visits and the competitors', checked."""
        if self.inspection is None:
            return []
        own, theirs, *_ = self.inspection.read(language)
        return [own] if theirs is None else [own, theirs]

    def results(
        self,
        language: Language | None = None,
        *,
        responses: Responses | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> StudyResults:
        """Read, score and compare.

        Parameters
        ----------
        language : of everything that is shown; the study's own if left out
        responses : answers that were read before
        tell : called with a few words before each stage
        """
        language = self.language if language is None else language
        check_choice("language", language, Language)
        tell = tell or (lambda _: None)
        if responses is None:
            tell("reading " + " and ".join(file.path.name for file in self.files))
            responses = self.read()
        responses = responses.in_language(language)
        with _in_toml_words():
            return self._scored(responses, language, tell)

    def _scored(self, responses: Responses, language: Language, tell: Callable[[str], None]) -> StudyResults:
        """Gaps and their comparisons, zones of tolerance, stores: what the files allow and the study asks for."""
        zoned = set(_LEVELS) <= set(responses.forms)
        self._check_split(responses)
        no_gaps = "expectation" not in responses.forms and "expected" not in self.options
        only_zones = zoned and no_gaps
        alone = (
            {form.name for form in responses.instrument.forms} == {"perception"} and no_gaps and len(self.files) == 1
        )
        if only_zones:
            self._refuse_gap_settings()
        tell("scoring all respondents")
        gaps = [] if only_zones or alone else [self._gaps(responses)]
        zones = [self._zone(responses)] if zoned else []
        performance = [self._performance(responses)] if alone else []
        for column in self.by:
            tell(f"scoring by {column}")
            if only_zones:
                zones.append(self._zone(responses, column))
            elif alone:
                performance.append(self._performance(responses, column))
            else:
                gaps.append(self._gaps(responses, column))
        found, untested = self._validity(responses)
        ruler = {} if found is None else self._comparability(responses)
        tell("comparing groups" if self.by else "no groups to compare")
        comparisons = self._comparisons(gaps, ruler)
        stores = None
        if self.stores is not None:
            tell(f"estimating by {self.stores['by']}")
            stores = self._store_estimates(responses)
        inspection = None
        if self.inspection is not None:
            tell("reading the visits")
            inspection = self._inspected(self.inspection, responses, language)
        scored = (tuple(gaps), comparisons, tuple(zones), stores, tuple(performance))
        return StudyResults(self, language, responses, *scored, found, untested, ruler, inspection)

    def _inspected(self, asked: Inspection, responses: Responses, language: Language) -> InspectionResults:
        """The visits beside the customers' answers; their numbers are computed when the report asks for them."""
        from servqual.inspections import InspectionResults

        visits, theirs, moves, inspectors, sources = asked.read(language)
        return InspectionResults(
            asked, language, visits, theirs, moves, inspectors, responses, by=(self.stores or {}).get("by", "store"),
            match=self.match, expected=self.options.get("expected"), level=self.options.get("level", 0.95), sources=sources,
        )  # fmt: skip

    def _validity(self, responses: Responses) -> tuple[Validity | None, Text]:
        """What the gate says of the dimensions; or why it can't be asked."""
        from servqual.validity import UNTESTED, Thresholds, validity, why_untested

        if self.validity is None:
            return None, UNTESTED[""]
        reason = why_untested(responses.instrument)
        if reason:
            return None, UNTESTED[reason]
        asked = {name: self.validity[name] for name in ("of", "estimator", "missing") if name in self.validity}
        lines = Thresholds(**{name: self.validity[name] for name in _LINES if name in self.validity})
        level = {"level": self.options["level"]} if "level" in self.options else {}
        try:
            return validity(responses, thresholds=lines, seed=_SEED, **asked, **level), UNTESTED[""]
        except DataError:  # gaps of people who all gave the same answers are still gaps
            return None, UNTESTED["no matrix"]

    def _comparability(self, responses: Responses) -> dict[str, Comparability]:
        """Whether groups, and the two forms, may be compared; splits that the tested form has no column for are left out."""
        from servqual.comparability import FORMS, comparability, form_comparability

        asked = self.validity or {}
        of = asked.get("of", "perception")
        side = responses.sides[-1] if of == "expectation" else responses
        wanted = asked.get("by", tuple(name for name in self.by if name in side.columns))
        least = asked.get("minimum", _LEAST_N)
        found = {name: comparability(responses, name, of=of, least_n=least) for name in wanted}
        if (
            asked.get("forms", True)
            and responses.pairing in ("paired", "independent")
            and "expected" not in self.options
        ):
            found[FORMS] = form_comparability(responses, least_n=least)
        return found

    def _check_split(self, responses: Responses) -> None:
        """Refuses columns to split by that no file has, before anything is scored."""
        stores = self.stores or {}
        named = [*self.by, *(stores[key] for key in ("by", "within") if stores.get(key))]
        named += (self.validity or {}).get("by", ())
        for name in named:
            if any(name in side.columns for side in responses.sides):
                continue
            last = [column for side in responses.sides for column in side.columns if column.endswith(f" {name}")]
            if last:
                raise DataError(f"{responses.source.name} has no column {name!r}. Did you mean {last[0]!r}?")
            check_columns([name], responses.columns, responses.source.name)

    def _gaps(self, responses: Responses, by: str | None = None) -> GapScores:
        from servqual.gaps import score_gaps

        return score_gaps(responses, by=by, match=self.match if by else None, **self.options)

    def _performance(self, responses: Responses, by: str | None = None) -> PerformanceScores:
        from servqual.gaps import score_performance

        return score_performance(responses, by=by, **{name: v for name, v in self.options.items() if name != "adjust"})

    def _comparisons(self, gaps: Sequence[GapScores], ruler: Mapping[str, Comparability]) -> tuple[Comparison, ...]:
        from servqual.comparison import compare

        split = [(scores, column) for scores, column in zip(gaps[1:], self.by, strict=False) if len(scores.joint) > 1]
        adjust = self.options.get("adjust", "holm")
        return tuple(
            compare(scores, column, adjust=adjust, comparability=ruler.get(column)) for scores, column in split
        )

    def _zone(self, responses: Responses, by: str | None = None) -> ToleranceScores:
        from servqual.tolerance import score_tolerance

        options = {name: self.options[name] for name in ("total", "adjust", "level") if name in self.options}
        return score_tolerance(responses, by=by, **options)

    def _store_estimates(self, responses: Responses) -> StoreEstimates:
        from servqual.stores import store_estimates

        options = {name: self.options[name] for name in ("expected", "level") if name in self.options}
        no_gap = "expectation" not in responses.forms and responses.expectation is None and "expected" not in options
        match = {} if self.match is None else {"match": self.match}
        asked: dict[str, Any] = {**(self.stores or {}), **options, **match, "of": "perception" if no_gap else "gap"}
        return store_estimates(responses, **asked)

    def _refuse_gap_settings(self) -> None:
        """Settings of gaps in a study that has none: they would be ignored."""
        unused = ["[importance]"] if "importance" in self.options else []
        unused += [f"[gaps] {name}" for name in ("missing", "minimum") if name in self.options]
        if unused:
            raise SpecError(
                f"{self.file}: minimum and desired levels were asked and no expectations, so there are no gaps and "
                f"{', '.join(unused)} would have no effect. Take it out, or write [expected] all = 6."
            )

    def shown_cases(self, cases: pd.DataFrame) -> pd.DataFrame:
        """Faulty cells as they may be shown: without personal data, also where the study keeps them."""
        from servqual.report.listings import without_personal_data

        kept = [file for file in self.files if file.options.get("personal_data") == "keep"]
        return without_personal_data(cases, {(file.path.name, str(file.options.get("respondent"))) for file in kept})

    def report(self, language: Language | None = None) -> Report:
        """The gap report of the study: read, score, compare, tell."""
        return self.results(language).report()

    @property
    def missing(self) -> Missing:
        """Who counts where answers are missing."""
        return Missing(**{key: self.options[name] for key, name in (("rule", "missing"), ("minimum", "minimum"))
                          if name in self.options})  # fmt: skip

    def settings(self) -> dict[str, str]:
        """What study.toml asked for, for the record."""
        scored = {"by": self.by, "match": self.match, **self.options}
        named = {f"{_PLACES.get(key, '[gaps]')} {key}": _shown(value) for key, value in scored.items() if value}
        named |= {f"[stores] {key}": _shown(value) for key, value in (self.stores or {}).items() if value}
        tested = {"skip": "true"} if self.validity is None else self.validity
        named |= {f"[validity] {key}": _shown(value) for key, value in tested.items()}
        written = {} if self.inspection is None else self.inspection.settings
        named |= {f"[{table}] {key}": _shown(value) for table, keys in written.items() for key, value in keys.items()}
        named["[report] minimum_base"] = str(self.minimum_base)
        for file in self.files:
            drawn = {name: getattr(file.design, name) for name in _DESIGN_ORDER if getattr(file.design, name)}
            read = {"instrument": f"{file.instrument.name} {file.instrument.version}", **drawn, **file.options}
            named |= {f"[{file.table}] {key}": _shown(value) for key, value in read.items() if key != "variables"}
        return named


def load_study(path: str | Path) -> Study:
    """A study from its ``study.toml``, or from the folder that holds it.

    Raises
    ------
    SpecError
        Names the key, its place, and what to write instead.

    Examples
    --------
    >>> load_study("data/sample").language
    'en'
    >>> load_study("nowhere")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: there is no study 'nowhere'. Make one with: servqual new nowhere
    """
    return _Reader(*open_study(path)).study()


def new_study(folder: str | Path) -> list[Path]:
    """Make a study folder to start from, with invented answers of the same people to both forms.

    Raises
    ------
    SpecError
        If the folder exists and holds anything: nothing is overwritten.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     made = [path.name for path in new_study(Path(place) / "my-study")]
    ...     made, load_study(Path(place) / "my-study").check().ok
    (['study.toml', 'README.md', 'answers.csv'], True)
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpecError(
            f"'{folder}' exists already and is not an empty folder; nothing was written. Choose another name."
        )
    start = resources.files("servqual.report") / "templates" / "new_study"
    contents = {name: (start / name).read_text(encoding="utf-8") for name in (NAME, "README.md")}
    contents["answers.csv"] = "\ufeff" + _invented_answers().to_csv(index=False, lineterminator="\n")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return [folder / name for name in contents]


def _invented_answers() -> pd.DataFrame:
    """Twelve people in four stores, the same on every run; what they got falls short of what they expect."""
    instrument, dice, people = load_instrument("servqual-22"), Random(1), range(12)
    answers: dict[str, list[Any]] = {
        "respondent": [f"R{person + 1:02d}" for person in people],
        "store": [f"S{person % 4 + 1}" for person in people],
    }
    for form, usual in (("expectation", 6), ("perception", 5)):
        for column in instrument.columns(form).values():
            answers[column] = [usual + dice.choice((-1, 0, 0, 1)) - (person % 4 == 3) for person in people]
    return pd.DataFrame(answers)


def _kept(side: Responses) -> str:
    """How much of a file can be used, in words."""
    unit = "line" if side.source.lines else "row"
    rows = f"{side.source.name}: {_count(side.n, 'respondent')} of {_count(side.source.n_raw, unit)} kept"
    faulty = len(_faulty(side))
    return rows + (f", {_count(faulty, 'faulty cell')} set aside." if faulty else ".")


def _visited(visits: Visits) -> str:
    """How many visits of a file can be used, and how many cells were set aside, in words."""
    kept, faulty = (
        f"{visits.source.name}: {visits.n:,} of {_count(visits.ledger.count('read'), 'visit')} kept",
        _faulty(visits),
    )
    return kept + (f", {_count(len(faulty), 'faulty cell')} set aside." if len(faulty) else ".")


def _flags(visits: Visits) -> list[str]:
    """What must be known of visits that are kept: discovered, out of date, by the same inspector again."""
    flagged = visits.cases[~visits.cases.index.isin(_faulty(visits).index)]
    counts = flagged["problem"].value_counts()
    return [
        f"{visits.source.name}: {problem} ({_count(n, 'case')}); kept and flagged." for problem, n in counts.items()
    ]


def _read(side: Responses) -> str:
    """As :func:`_kept`, where a faulty cell means that nothing is used."""
    return f"{side.source.name}: {_count(side.source.n_raw, 'row')} read." if len(_faulty(side)) else _kept(side)


def _faulty(side: Responses | Visits) -> pd.DataFrame:
    """The faulty cells; a header that is repeated is left out without being one, and a visit's flag is none."""
    known = {HEADER_REPEATED}
    if not isinstance(side, Responses):
        from servqual.inspections import FLAGGED

        known |= FLAGGED
    return side.cases[~side.cases["problem"].isin(known)]


def _all_cases(sides: Sequence[Responses | Visits], found: Sequence[DataError | SpecError]) -> pd.DataFrame:
    """Faulty cells of all files and errors, each once; row numbers stay whole where an error has none."""
    frames = [side.cases if isinstance(side, Responses) else _faulty(side) for side in sides] + [
        error.cases for error in found if isinstance(error, DataError)
    ]
    frames = [frame.astype(object) for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True).drop_duplicates(ignore_index=True) if frames else pd.DataFrame()


def _joined(sides: Sequence[Responses]) -> Responses:
    """One file as it is; two files as expectation and perception."""
    return sides[0] if len(sides) == 1 else read_responses(expectation=sides[0], perception=sides[1])


def _shown(value: Any) -> str:
    """A setting as text, the same on every run."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _collect(found: list[DataError | SpecError], act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (DataError, SpecError) as error:
        found.append(error)


@contextmanager
def _in_toml_words() -> Iterator[None]:
    """Says in the words of study.toml what a function says about its arguments."""
    try:
        yield
    except (DataError, SpecError) as error:
        message = str(error)
        for python, toml in _TOML_WORDS:
            message = re.sub(python, toml, message)
        if message == str(error):
            raise
        raise (DataError(message, error.cases) if isinstance(error, DataError) else SpecError(message)) from error


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


# --- reading study.toml ------------------------------------------------------------------------------------


def read_variables(said: Settings) -> dict[str, Variable]:
    """Names of columns and of their values, as [variables.tier] gives them; empty where nothing is named."""
    variables = {}
    tables = said.content.get("variables", {})
    if not isinstance(tables, dict):
        said._fail("variables", f"{tables!r} is not a table", "write [variables.tier] on a line of its own")
    for name, table in tables.items():
        place = f"[variables.{name}]"
        if not isinstance(table, dict) or not isinstance(table.get("values", {}), dict):
            said._fail(place, f"{table!r} is not a table", f'write [variables.{name}], then label.en = "…"')
        said._only(table, place, {"label", "values"})
        values = {code: said._named(text, f"{place} values.{code}") for code, text in table.get("values", {}).items()}
        variables[name] = Variable(said._named(table.get("label", name), f"{place} label"), values)
    return variables


class _Reader(Settings):
    """Turns the parsed TOML into a Study, saying where a key is wrong and what to write."""

    def study(self) -> Study:
        self._only(self.content, "top level", TOP)
        for name in _TABLES & set(self.content):
            if not isinstance(self.content[name], dict):
                self._fail(name, f"{self.content[name]!r} is not a table", f"write [{name}] on a line of its own")
        with self._at("language"):
            check_choice("language", self.content.get("language", "en"), Language)
        files = self._files()
        instrument = files[-1].instrument
        settings = self.content.get("gaps", {})
        self._only(settings, "[gaps]", _GAPS)
        return Study(
            folder=self.folder,
            file=self.where,
            title=self._named(self.content.get("title", instrument.title), "title"),
            language=self.content.get("language", "en"),
            files=files,
            by=listed(self._texts(settings, "by", "[gaps]")),
            match=self._text(settings, "match", "[gaps]"),
            options={**self._score_options(settings), **self._importance(instrument), **self._expected(instrument)},
            stores=self._stores(),
            validity=self._validity(),
            minimum_base=self._minimum_base(),
            inspection=self._inspection(),
        )

    def _inspection(self) -> Inspection | None:
        """Settings of mystery visits; None where the study has none."""
        if not set(_VISITED) & set(self.content):
            return None
        from servqual.inspections import InspectionSettings

        return InspectionSettings(self.content, self.where, self.folder).inspection(read_variables(self))

    def _files(self) -> tuple[AnswerFile, ...]:
        named = [name for name in _FILES if name in self.content]
        if named == ["responses"] or named == ["expectation", "perception"]:
            return tuple(self._file(name) for name in named)
        if named == ["perception"]:
            file = self._file("perception")
            if "expected" in self.content or {form.name for form in file.instrument.forms} == {"perception"}:
                return (file,)
        remedy = "write [responses] if the same people answered both forms, else [expectation] and [perception]"
        self._fail("top level", f"the data are named by {', '.join(f'[{n}]' for n in named) or 'no table'}", remedy)

    def _file(self, name: str) -> AnswerFile:
        table, place = self.content[name], f"[{name}]"
        self._only(table, place, _FILE)
        file = self._text(table, "file", place)
        if not file:
            self._fail(f"{place} file", "the key is missing", 'add file = "answers.csv"')
        return AnswerFile(
            name, self._inside(file, f"{place} file"), self._instrument(table, place), self._design(table, place),
            self._read_options(table, place),
        )  # fmt: skip

    def _instrument(self, table: Mapping[str, Any], place: str) -> Instrument:
        named = self._text(table, "instrument", place) or self._text(self.content, "instrument", "top level")
        if not named:
            self._fail("instrument", "the key is missing", 'add instrument = "servqual-22"')
        if named in available_instruments() or not named.endswith(".toml"):
            with self._at("instrument"):
                return load_instrument(named, language=self.content.get("language", "en"))
        return load_instrument(self._inside(named, "instrument"), language=self.content.get("language", "en"))

    def _design(self, table: Mapping[str, Any], place: str) -> SampleDesign:
        named = {key: self._text(table, key, place) for key in ("strata", "weight", "selection") if key in table}
        clusters, population = self._texts(table, "clusters", place), table.get("population")
        if isinstance(population, dict):
            if not all(is_number(size) for size in population.values()):
                self._fail(f"{place} population", f"{population!r} is not sizes", "write population = { north = 120 }")
        else:
            population = self._texts(table, "population", place)
        with self._at(place):
            whole = self._truth(table, "whole_clusters", place)
            return SampleDesign(clusters=clusters, population=population, whole_clusters=whole, **named)  # type: ignore[arg-type]

    def _read_options(self, table: Mapping[str, Any], place: str) -> dict[str, Any]:
        options: dict[str, Any] = {
            key: self._text(table, key, place) for key in ("respondent", "encoding") if key in table
        }
        options |= {key: self._codes(table, key, place) for key in ("missing_codes", "dont_know") if key in table}
        if "columns" in table:
            options["columns"] = self._columns(table, place)
        if "faults" in table:
            with self._at(f"{place} faults"):
                check_choice("faults", table["faults"], Faults)
            options["faults"] = table["faults"]
        if "personal_data" in table:
            with self._at(f"{place} personal_data"):
                check_choice("personal_data", table["personal_data"], PersonalDataRule)
            options["personal_data"] = table["personal_data"]
        if "value_labels" in table:
            options["value_labels"] = self._value_labels(table["value_labels"], f"{place} value_labels")
        if self.content.get("variables"):
            options["variables"] = read_variables(self)
        if "header_rows" in table:
            if table["header_rows"] not in (1, 2, 3) or isinstance(table["header_rows"], (bool, float)):
                self._fail(
                    f"{place} header_rows", f"{table['header_rows']!r} is not 1, 2 or 3", "write header_rows = 2"
                )
            options["header_rows"] = table["header_rows"]
        options |= self._layout(table, place)
        if "sheet" in table:
            if not isinstance(table["sheet"], (str, int)) or isinstance(table["sheet"], bool):
                self._fail(f"{place} sheet", f"{table['sheet']!r} is neither a name nor a number", "write sheet = 0")
            options["sheet"] = table["sheet"]
        return options

    def _layout(self, table: Mapping[str, Any], place: str) -> dict[str, Any]:
        """A row per respondent, or a line per answer and the columns that say what it answers."""
        named = {key: self._text(table, key, place) for key in sorted(_LONG) if key in table}
        if "layout" in table:
            with self._at(f"{place} layout"):
                check_choice("layout", table["layout"], Layout)
        if table.get("layout") != "long":
            if named:
                self._fail(f"{place} {next(iter(named))}", "it belongs to a file with one line per answer",
                           'write layout = "long" too')  # fmt: skip
            return {}
        if "respondent" not in table:
            self._fail(f"{place} respondent", "the key is missing; a line per answer needs it", 'add respondent = "id"')
        return {"layout": "long", **named}

    def _value_labels(self, given: Any, place: str) -> dict[str, Any]:
        """Words for numbers: for all questions, or under a column's name for that column."""
        remedy = 'write value_labels = { "strongly agree" = 7 }, or a table of these for one column'
        if not isinstance(given, dict) or not given:
            self._fail(place, f"{given!r} is not words and numbers", remedy)
        for name, number in given.items():
            inner = number.values() if isinstance(number, dict) else [number]
            if not inner or not all(is_number(value) for value in inner):
                self._fail(place, f"{name!r} = {number!r} is not a number", remedy)
        return given

    def _stores(self) -> dict[str, Any] | None:
        """Settings of the estimates of single stores; None where the study does not ask for them."""
        table = self.content.get("stores")
        if table is None:
            return None
        self._only(table, "[stores]", _STORES)
        by, within = self._text({"by": "store", **table}, "by", "[stores]"), self._text(table, "within", "[stores]")
        if by == within:
            self._fail("[stores] within", f"{within!r} is the column of the stores", "name the group they belong to")
        least = table.get("minimum", _MINIMUM_BASE)
        if not is_whole(least) or least < 2:
            self._fail("[stores] minimum", f"{least!r} is not a whole number of 2 or more", "write minimum = 5")
        return {"by": by, "within": within, "minimum": least}

    def _validity(self) -> dict[str, Any] | None:
        """Settings of the gate; None where the study leaves it out."""
        table, place = self.content.get("validity", {}), "[validity]"
        self._only(table, place, _VALIDITY)
        if self._truth(table, "skip", place):
            if len(table) > 1:
                self._fail(f"{place} skip", "the other keys would have no effect", "take them out, or skip")
            return None
        kept = ("of", "estimator", "missing", "minimum")
        forms = {"forms": self._truth(table, "forms", place)} if "forms" in table else {}
        least = table.get("minimum", _LEAST_N)
        if not is_whole(least) or least < 2:
            self._fail(f"{place} minimum", f"{least!r} is not a whole number of 2 or more", "write minimum = 100")
        by = {} if "by" not in table else {"by": () if table["by"] == [] else listed(self._texts(table, "by", place))}
        return {**{key: table[key] for key in kept if key in table}, **by, **forms, **self._lines(table, place)}

    def _lines(self, table: Mapping[str, Any], place: str) -> dict[str, float]:
        """Where the gate draws its lines; what is tested, and how, is checked beside."""
        if not table:
            return {}
        from servqual.cfa.confirm import Missing as MissingAnswers
        from servqual.cfa.results import Estimator
        from servqual.correlations import Of
        from servqual.validity import Thresholds

        lines = {key: table[key] for key in _LINES if key in table}
        for key, value in lines.items():
            if not is_number(value):
                self._fail(f"{place} {key}", f"{value!r} is not a number", f"write {key} = 0.9")
        with self._at(place):
            for key, choices in (("of", Of), ("estimator", Estimator), ("missing", MissingAnswers)):
                if key in table:
                    check_choice(key, table[key], choices)
            Thresholds(**lines)
        return lines

    def _minimum_base(self) -> int:
        table = self.content.get("report", {})
        self._only(table, "[report]", {"minimum_base"})
        least = table.get("minimum_base", _MINIMUM_BASE)
        if not is_whole(least) or least < 0 or least == 1:
            self._fail("[report] minimum_base", f"{least!r} is not a whole number of 2 or more",
                       "write minimum_base = 5, or 0 to show everything")  # fmt: skip
        return int(least)

    def _score_options(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        with self._at("[gaps]"):
            for key, choices in (("total", Total), ("adjust", Adjust), ("missing", Rule)):
                if key in settings:
                    check_choice(key, settings[key], choices)
            if "level" in settings:
                if not is_number(settings["level"]):
                    self._fail("[gaps] level", f"{settings['level']!r} is not a number", "write level = 0.95")
                check_between("level", settings["level"], 0, 1)
            if "minimum" in settings:
                self._check_share(settings)
        return {key: settings[key] for key in ("total", "adjust", "level", "missing", "minimum") if key in settings}

    def _check_share(self, settings: Mapping[str, Any]) -> None:
        """The share of items that must be answered, which only one rule asks for."""
        if not is_number(settings["minimum"]):
            self._fail("[gaps] minimum", f"{settings['minimum']!r} is not a number", "write minimum = 0.5")
        if settings.get("missing") != "available":
            self._fail(
                "[gaps] minimum", "it belongs to the rule for missing answers", 'write missing = "available" too'
            )
        Missing("available", settings["minimum"])

    def _importance(self, instrument: Instrument) -> dict[str, Any]:
        """Points per dimension, or the columns that hold every respondent's own points."""
        table = self.content.get("importance")
        if table is None:
            return {}
        known = [dimension.id for dimension in instrument.dimensions]
        if "columns" in table:
            self._only(table, "[importance]", {"columns", "points"})
        elif "points" in table:
            self._fail("[importance] points", "points are given as numbers here", "take it out, or name columns")
        named = self._columns(table, "[importance]") if "columns" in table else table
        self._only(named, "[importance]", set(known))
        lacking = [name for name in known if name not in named]
        if lacking:
            self._fail("[importance]", f"{', '.join(lacking)} is not given", "give every dimension its points")
        if "columns" not in table:
            self._check_points(table)
        return {"importance": {name: named[name] for name in known}, **self._whose_points(table)}

    def _whose_points(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Whether each respondent's own points weigh, or the mean points of all."""
        from servqual.gaps import Weighting

        if "points" not in table or "columns" not in table:
            return {}
        with self._at("[importance] points"):
            check_choice("points", table["points"], Weighting)
        return {"points": table["points"]}

    def _check_points(self, points: Mapping[str, Any]) -> None:
        if not all(is_number(value) and value >= 0 for value in points.values()):
            self._fail("[importance]", f"{dict(points)} holds something that is not points", "write reliability = 32")
        if abs(sum(points.values()) - 100) > _TOLERANCE:
            self._fail("[importance]", f"the points add up to {sum(points.values()):g}", "share out 100 points")

    def _expected(self, instrument: Instrument) -> dict[str, Any]:
        table = self.content.get("expected")
        if table is None:
            return {}
        if "expectation" in self.content:
            self._fail("[expected]", "there is an [expectation] file too", "keep the one you mean")
        if not table or not all(is_number(level) for level in table.values()):
            self._fail("[expected]", f"{table!r} is not levels", "write all = 6, or one level per item")
        if "all" in table:
            self._only(table, "[expected]", {"all"})
            return {"expected": float(table["all"])}
        self._only(table, "[expected]", {item.id for item in instrument.items})
        return {"expected": {name: float(level) for name, level in table.items()}}

    # one value at a time

    def _columns(self, table: Mapping[str, Any], place: str) -> dict[str, str]:
        value = table["columns"]
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
            self._fail(f"{place} columns", f"{value!r} is not names", 'write columns = { P_TAN1 = "question 1" }')
        return value

    def _codes(self, table: Mapping[str, Any], key: str, place: str) -> list[Any]:
        value = table[key] if isinstance(table[key], list) else [table[key]]
        if not all(is_number(code) or isinstance(code, str) for code in value):
            self._fail(f"{place} {key}", f"{table[key]!r} is not codes", f"write {key} = [99]")
        return value
