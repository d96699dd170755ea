"""A study is a folder: ``study.toml`` names the instrument, the data and the settings; here they meet.

Nothing is computed in this module. The file is read strictly by :mod:`servqual.study_file`; here the verbs of the toolkit are called in
order: read, score, compare, report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.customers import Customers
from servqual.instruments import load_instrument
from servqual.measures import Missing
from servqual.responses import Responses, read_responses
from servqual.settings import NAME, Reading, open_study
from servqual.study_file import (
    DESIGN_ORDER,
    LEAST_N,
    LINES,
    MINIMUM_BASE,
    AnswerFile,
    StudyFile,
    collect,
    counted,
    faulty_cells,
    in_toml_words,
)
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Language, Text, say

if TYPE_CHECKING:
    from servqual.causes import CauseResults, Causes
    from servqual.comparability import Comparability
    from servqual.comparison import Comparison
    from servqual.decisions import DecisionResults, Decisions
    from servqual.gaps import GapScores, PerformanceScores
    from servqual.inspections import Inspection, InspectionResults
    from servqual.mystery.visits import Visits
    from servqual.report import Report
    from servqual.stores import StoreEstimates
    from servqual.tolerance import ToleranceScores
    from servqual.validity import Validity
    from servqual.voices import VoiceResults, Voices

    Further = InspectionResults | VoiceResults | CauseResults | DecisionResults
    FurtherAsked = Voices | Causes | Decisions

_SEED = 0  # of random data beside the eigenvalues: that of simulated ranks, so that a report has one seed
_LEVELS = ("minimum", "desired", "perception")  # the forms of a zone of tolerance
_PLACES = {"importance": "[importance]", "points": "[importance]", "expected": "[expected]"}


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
    voices : what people told, in focus groups and as experts; None where the study has none of it
    causes : where quality is lost, what staff see, what is complained of; None where the study has none of it
    decisions : what moves satisfaction; None where it is not asked
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
    voices: VoiceResults | None = None
    causes: CauseResults | None = None
    decisions: DecisionResults | None = None

    @property
    def further(self) -> tuple[Further, ...]:
        """What stands beside the survey, as far as the study has it."""
        return tuple(each for each in (self.inspection, self.voices, self.causes, self.decisions) if each is not None)

    def report(self) -> Report:
        """The gap report of this run."""
        from servqual.report import Provenance, gap_report

        provenance = Provenance(
            sources=(
                *(side.source for side in self.responses.sides),
                *(source for each in self.further for source in each.sources),
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
                          untested=self.untested, comparability=self.comparability, inspection=self.inspection, voices=self.voices,
                          causes=self.causes, decisions=self.decisions)  # fmt: skip

    def _seed(self) -> int | None:
        """Where random numbers start: of simulated ranks, and of random data beside the eigenvalues."""
        if self.stores is not None:
            return self.stores.seed
        return None if self.validity is None and not self.further else _SEED

    def headlines(self) -> list[str]:
        """The total, and the widest shortfall of a dimension; or that they could not be tested."""
        from servqual.report.findings import headlines

        return headlines(self.gaps, self.zones, self.study.minimum_base, self.performance)

    def _encodings(self) -> tuple[str, ...]:
        """Which files' letters were guessed. Files stand in the study as [expectation], [perception]."""
        pairs = list(zip(self.study.files, reversed(self.responses.sides), strict=True))
        pairs += [] if self.causes is None else self.causes.answered
        said = [file.encoding_remark(side, self.language) for file, side in pairs]
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
    inspection, voices, causes, decisions : what it says of mystery visits, of what people said, of what stands behind the gaps, of
        what is to be decided; None where it says nothing
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
    minimum_base: int = MINIMUM_BASE
    inspection: Inspection | None = None
    voices: Voices | None = None
    causes: Causes | None = None
    decisions: Decisions | None = None

    @property
    def further(self) -> tuple[FurtherAsked, ...]:
        """What the study has beside the survey and the visits."""
        return tuple(each for each in (self.voices, self.causes, self.decisions) if each is not None)

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
        visits = [] if self.inspection is None else collect(found, partial(self._visits, self.language)) or []
        notes += [_visited(each) for each in visits]
        warnings += [flag for each in visits for flag in _flags(each)]
        readings = [
            collect(found, partial(_worded, read)) for asked in self.further for read in asked.readings(self.language)
        ]
        told = [each for each in readings if each is not None]
        notes += [each.kept for each in told]
        warnings += [warning for each in told for warning in each.warnings]
        if not found:
            collect(found, lambda: self._tried(_joined(sides)))
        return StudyCheck(
            problems=tuple(dict.fromkeys(str(error) for error in found)),
            notes=tuple(notes),
            cases=self.shown_cases(_all_cases([*sides, *visits], found, [each.cases for each in told])),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _tried(self, responses: Responses) -> None:
        """What the report will ask for, as far as it can still be refused; intervals and orders that can't are left to the report."""
        found = self.results(responses=responses)
        with in_toml_words():
            for each in found.further:
                list(each.checked())

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
        with in_toml_words():
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
        customers = Customers(responses, tuple(gaps), (self.stores or {}).get("by", "store"), self.match, self.options)
        if self.voices is not None:
            tell("reading what people said")
        voices = None if self.voices is None else self.voices.results(language, customers)
        causes = None if self.causes is None else self.causes.results(language, customers, inspection, voices)
        decisions = None if self.decisions is None else self.decisions.results(language, customers)
        further = (inspection, voices, causes, decisions)
        return StudyResults(self, language, responses, *scored, found, untested, ruler, *further)

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
        lines = Thresholds(**{name: self.validity[name] for name in LINES if name in self.validity})
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
        least = asked.get("minimum", LEAST_N)
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

        asked = () if self.causes is None else self.causes.files
        kept = [file for file in (*self.files, *asked) if file.options.get("personal_data") == "keep"]
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
        for asked in (*([] if self.inspection is None else [self.inspection]), *self.further):
            named |= {
                f"[{table}] {key}": _shown(value)
                for table, keys in asked.settings.items()
                for key, value in keys.items()
            }
        named["[report] minimum_base"] = str(self.minimum_base)
        for file in self.files:
            drawn = {name: getattr(file.design, name) for name in DESIGN_ORDER if getattr(file.design, name)}
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
    return StudyFile(*open_study(path)).study(Study)


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


def _worded(read: Callable[[], Reading]) -> Reading:
    """A file's reading, its errors told in the words of study.toml."""
    with in_toml_words():
        return read()


def _kept(side: Responses) -> str:
    """How much of a file can be used, in words."""
    unit = "line" if side.source.lines else "row"
    rows = f"{side.source.name}: {counted(side.n, 'respondent')} of {counted(side.source.n_raw, unit)} kept"
    faulty = len(faulty_cells(side))
    return rows + (f", {counted(faulty, 'faulty cell')} set aside." if faulty else ".")


def _visited(visits: Visits) -> str:
    """How many visits of a file can be used, and how many cells were set aside, in words."""
    kept, faulty = (
        f"{visits.source.name}: {visits.n:,} of {counted(visits.ledger.count('read'), 'visit')} kept",
        faulty_cells(visits),
    )
    return kept + (f", {counted(len(faulty), 'faulty cell')} set aside." if len(faulty) else ".")


def _flags(visits: Visits) -> list[str]:
    """What must be known of visits that are kept: discovered, out of date, by the same inspector again."""
    flagged = visits.cases[~visits.cases.index.isin(faulty_cells(visits).index)]
    counts = flagged["problem"].value_counts()
    return [
        f"{visits.source.name}: {problem} ({counted(n, 'case')}); kept and flagged." for problem, n in counts.items()
    ]


def _read(side: Responses) -> str:
    """As :func:`_kept`, where a faulty cell means that nothing is used."""
    return f"{side.source.name}: {counted(side.source.n_raw, 'row')} read." if len(faulty_cells(side)) else _kept(side)


def _all_cases(
    sides: Sequence[Responses | Visits], found: Sequence[DataError | SpecError], further: Sequence[pd.DataFrame] = ()
) -> pd.DataFrame:
    """Faulty cells of all files and errors, each once; row numbers stay whole where an error has none."""
    frames = list(further)
    frames += [side.cases if isinstance(side, Responses) else faulty_cells(side) for side in sides] + [
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
        inside = [
            f"{name} = {{{_shown(each)}}}" if isinstance(each, (Mapping, list)) else f"{name} = {each}"
            for name, each in value.items()
        ]
        return ", ".join(inside)
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
