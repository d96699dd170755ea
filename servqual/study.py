"""A study is a folder: ``study.toml`` names the instrument, the data and the settings; here they meet.

Nothing is computed in this module. It reads the file strictly (an unknown key is an error with a place and a
hint), keeps every path inside the study's folder, and calls the verbs of the toolkit in order: read, score,
compare, report.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from servqual.files import Source, read_table
from servqual.inference import Adjust
from servqual.instruments import Instrument, available_instruments, load_instrument
from servqual.measures import Total
from servqual.responses import Faults, Responses, Variable, read_responses
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns, check_inside
from survey_design.results import Language, Text, say
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from servqual.comparison import Comparison
    from servqual.gaps import GapScores
    from servqual.report import Report

NAME = "study.toml"
_TOLERANCE = 0.5  # importance points may miss 100 by rounding
_TABLES = {"responses", "expectation", "perception", "variables", "gaps", "importance", "expected"}
_TOP = {"title", "language", "instrument"} | _TABLES
_DESIGN_ORDER = ("strata", "clusters", "weight", "population", "whole_clusters", "selection")
_DESIGN = set(_DESIGN_ORDER)
_OPTIONS = {"respondent", "columns", "missing_codes", "dont_know", "faults", "encoding", "sheet"}
_FILE = {"file", "instrument"} | _DESIGN | _OPTIONS
_GAPS = {"by", "match", "total", "adjust", "level"}

# What functions say about their arguments, and how study.toml says it.
_TOML_WORDS = (
    (r"(?:pass|set) faults ?= ?'set aside'", 'write faults = "set aside"'),
    (r"; \.cases [^.]*(?=\.)| Look at \.cases\.", ""),
    (r"give fixed levels: expected=6; for perceptions alone use score_performance", "write [expected] all = 6"),
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
        header = list(table[0].columns)
        ours = {theirs: name for name, theirs in self._renamed.items()}
        names, where = [ours.get(name, name) for name in header], self.path.name
        respondent = [name for name in [self.options.get("respondent")] if name]
        for wanted, present in (
            (self._renamed.values(), header),
            (self.design.column_names(), names),
            (respondent, names),
        ):
            _collect(found, partial(check_columns, wanted, present, where))
        answers = _collect(found, partial(self.read, faults="set aside"))
        if answers is not None and self.faults == "raise" and len(answers.cases):
            several = len(answers.cases) > 1
            message = f"{where}: {_count(len(answers.cases), 'faulty cell')}: nothing is used until "
            message += f'{"they are" if several else "it is"} corrected or faults = "set aside" is written under '
            message += f"[{self.table}], which leaves {'them' if several else 'it'} out and counts {'them' if several else 'it'}."
            found.append(DataError(message, answers.cases))
        return found, answers

    def warnings(self, answers: Responses | None, language: str) -> list[str]:
        """What is no error and must be known: guessed letters, one respondent, no variation, one cluster."""
        from servqual.report.cautions import data_cautions, language_remark

        guessed = self._guessed() if answers is None else self.encoding_remark(answers, "en")
        told = language_remark(self.instrument, self.options.get("variables", {}), "en", language)
        return [
            *([guessed] if guessed else []),
            *([f"{self.path.name}, {self.instrument.name}: {told}"] if told else []),
            *(data_cautions(answers, "en") if answers is not None else []),
        ]

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
        reading = {key: self.options[key] for key in ("encoding", "sheet") if key in self.options}
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
    gaps : overall first, then one per column of ``by``
    comparisons : one per column of ``by`` that has more than one value
    """

    study: Study
    language: Language
    responses: Responses
    gaps: tuple[GapScores, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """The gap report of this run."""
        from servqual.report import Provenance, gap_report

        provenance = Provenance(
            sources=tuple(side.source for side in self.responses.sides),
            settings=self.study.settings(),
            command=f"servqual report {self.study.file} --language {self.language}",
            remarks=self._encodings(),
        )
        title = say(self.study.title, self.language)
        return gap_report(title, self.responses, self.gaps, self.comparisons, self.language, provenance)

    def headlines(self) -> list[str]:
        """The total, and the widest shortfall of a dimension; or that they could not be tested."""
        from servqual.report.findings import headlines

        return headlines(self.gaps[0])

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
    """

    folder: Path
    file: str
    title: Text
    language: Language
    files: tuple[AnswerFile, ...]
    by: tuple[str, ...] = ()
    match: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

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
        if not found:
            _collect(found, lambda: self.results(responses=_joined(sides)))
        return StudyCheck(
            problems=tuple(dict.fromkeys(str(error) for error in found)),
            notes=tuple(notes),
            cases=_all_cases(sides, found),
            warnings=tuple(dict.fromkeys(warnings)),
        )

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
        from servqual.comparison import compare
        from servqual.gaps import score_gaps

        language = self.language if language is None else language
        check_choice("language", language, Language)
        tell = tell or (lambda _: None)
        if responses is None:
            tell("reading " + " and ".join(file.path.name for file in self.files))
            responses = self.read()
        responses = responses.in_language(language)
        tell("scoring all respondents")
        with _in_toml_words():
            gaps = [score_gaps(responses, **self.options)]
        for column in self.by:
            tell(f"scoring by {column}")
            gaps.append(score_gaps(responses, by=column, match=self.match, **self.options))
        tell("comparing groups" if self.by else "no groups to compare")
        split = [(scores, column) for scores, column in zip(gaps[1:], self.by, strict=True) if len(scores.joint) > 1]
        adjust = self.options.get("adjust", "holm")
        comparisons = tuple(compare(scores, column, adjust=adjust) for scores, column in split)
        return StudyResults(self, language, responses, tuple(gaps), comparisons)

    def report(self, language: Language | None = None) -> Report:
        """The gap report of the study: read, score, compare, tell."""
        return self.results(language).report()

    def settings(self) -> dict[str, str]:
        """What study.toml asked for, for the record."""
        scored = {"by": self.by, "match": self.match, **self.options}
        named = {f"[gaps] {key}": _shown(value) for key, value in scored.items() if value}
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
    path = Path(path)
    if not path.exists():
        raise SpecError(f"there is no study '{path}'. Make one with: servqual new {path}")
    file = path / NAME if path.is_dir() else path
    if not file.is_file():
        raise SpecError(f"folder '{path}' has no {NAME}. Make a study folder with: servqual new my-study")
    try:
        content = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SpecError(f"{file.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise SpecError(
            f'{file.name} is not valid TOML: {error}. Texts stand in quotes: file = "answers.csv"'
        ) from error
    return _Reader(content, file.name, file.parent).study()


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
    rows = f"{side.source.name}: {_count(side.n, 'respondent')} of {_count(side.source.n_raw, 'row')} kept"
    return rows + (f", {_count(len(side.cases), 'faulty cell')} set aside." if len(side.cases) else ".")


def _read(side: Responses) -> str:
    """As :func:`_kept`, where a faulty cell means that nothing is used."""
    return f"{side.source.name}: {_count(side.source.n_raw, 'row')} read." if len(side.cases) else _kept(side)


def _all_cases(sides: Sequence[Responses], found: Sequence[DataError | SpecError]) -> pd.DataFrame:
    """Faulty cells of all files and errors, each once; row numbers stay whole where an error has none."""
    frames = [side.cases for side in sides] + [error.cases for error in found if isinstance(error, DataError)]
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


@dataclass(frozen=True)
class _Reader:
    """Turns the parsed TOML into a Study, saying where a key is wrong and what to write."""

    content: Mapping[str, Any]
    where: str
    folder: Path

    def study(self) -> Study:
        self._only(self.content, "top level", _TOP)
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
            by=_listed(self._texts(settings, "by", "[gaps]")),
            match=self._text(settings, "match", "[gaps]"),
            options={**self._score_options(settings), **self._importance(instrument), **self._expected(instrument)},
        )

    def _named(self, text: Any, place: str) -> Text:
        """A text for both languages, or one for each."""
        if isinstance(text, str):
            return {"en": text, "zh": text}
        if not isinstance(text, dict) or not text or not all(isinstance(words, str) for words in text.values()):
            self._fail(place, f"{text!r} is not a text", 'write "…", or one text each for .en and .zh')
        self._only(text, place, {"en", "zh"})
        return text

    def _files(self) -> tuple[AnswerFile, ...]:
        named = [name for name in ("responses", "expectation", "perception") if name in self.content]
        if named == ["responses"] or named == ["expectation", "perception"]:
            return tuple(self._file(name) for name in named)
        if named == ["perception"] and "expected" in self.content:
            return (self._file("perception"),)
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
            if not all(_is_number(size) for size in population.values()):
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
        if self.content.get("variables"):
            options["variables"] = self._variables()
        if "sheet" in table:
            if not isinstance(table["sheet"], (str, int)) or isinstance(table["sheet"], bool):
                self._fail(f"{place} sheet", f"{table['sheet']!r} is neither a name nor a number", "write sheet = 0")
            options["sheet"] = table["sheet"]
        return options

    def _variables(self) -> dict[str, Variable]:
        """Names of columns and of their values, as [variables.tier] gives them."""
        variables = {}
        for name, table in self.content["variables"].items():
            place = f"[variables.{name}]"
            if not isinstance(table, dict) or not isinstance(table.get("values", {}), dict):
                self._fail(place, f"{table!r} is not a table", f'write [variables.{name}], then label.en = "…"')
            self._only(table, place, {"label", "values"})
            values = {
                code: self._named(text, f"{place} values.{code}") for code, text in table.get("values", {}).items()
            }
            variables[name] = Variable(self._named(table.get("label", name), f"{place} label"), values)
        return variables

    def _score_options(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        with self._at("[gaps]"):
            for key, choices in (("total", Total), ("adjust", Adjust)):
                if key in settings:
                    check_choice(key, settings[key], choices)
            if "level" in settings:
                if not _is_number(settings["level"]):
                    self._fail("[gaps] level", f"{settings['level']!r} is not a number", "write level = 0.95")
                check_between("level", settings["level"], 0, 1)
        return {key: settings[key] for key in ("total", "adjust", "level") if key in settings}

    def _importance(self, instrument: Instrument) -> dict[str, Any]:
        """Points per dimension, or the columns that hold every respondent's own points."""
        table = self.content.get("importance")
        if table is None:
            return {}
        known = [dimension.id for dimension in instrument.dimensions]
        if "columns" in table:
            self._only(table, "[importance]", {"columns"})
        named = self._columns(table, "[importance]") if "columns" in table else table
        self._only(named, "[importance]", set(known))
        lacking = [name for name in known if name not in named]
        if lacking:
            self._fail("[importance]", f"{', '.join(lacking)} is not given", "give every dimension its points")
        if "columns" not in table:
            self._check_points(table)
        return {"importance": {name: named[name] for name in known}}

    def _check_points(self, points: Mapping[str, Any]) -> None:
        if not all(_is_number(value) and value >= 0 for value in points.values()):
            self._fail("[importance]", f"{dict(points)} holds something that is not points", "write reliability = 32")
        if abs(sum(points.values()) - 100) > _TOLERANCE:
            self._fail("[importance]", f"the points add up to {sum(points.values()):g}", "share out 100 points")

    def _expected(self, instrument: Instrument) -> dict[str, Any]:
        table = self.content.get("expected")
        if table is None:
            return {}
        if "expectation" in self.content:
            self._fail("[expected]", "there is an [expectation] file too", "keep the one you mean")
        if not table or not all(_is_number(level) for level in table.values()):
            self._fail("[expected]", f"{table!r} is not levels", "write all = 6, or one level per item")
        if "all" in table:
            self._only(table, "[expected]", {"all"})
            return {"expected": float(table["all"])}
        self._only(table, "[expected]", {item.id for item in instrument.items})
        return {"expected": {name: float(level) for name, level in table.items()}}

    # one value at a time

    def _inside(self, named: str, place: str) -> Path:
        path = check_inside(Path(named), self.folder, f"{self.where}, {place}")
        if not path.is_file():
            present = sorted(
                entry.name for entry in self.folder.iterdir() if entry.is_file() and entry.name != self.where
            )
            self._fail(
                place,
                f"'{named}' is not in the study's folder",
                f"it holds {', '.join(present) or 'no data'}",
                named,
                present,
            )
        return path

    def _columns(self, table: Mapping[str, Any], place: str) -> dict[str, str]:
        value = table["columns"]
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
            self._fail(f"{place} columns", f"{value!r} is not names", 'write columns = { P_TAN1 = "question 1" }')
        return value

    def _codes(self, table: Mapping[str, Any], key: str, place: str) -> list[Any]:
        value = table[key] if isinstance(table[key], list) else [table[key]]
        if not all(_is_number(code) or isinstance(code, str) for code in value):
            self._fail(f"{place} {key}", f"{table[key]!r} is not codes", f"write {key} = [99]")
        return value

    def _text(self, table: Mapping[str, Any], key: str, place: str) -> str | None:
        value = table.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            self._fail(f"{place} {key}", f"{value!r} is not a text", f'write {key} = "…"')
        return value

    def _texts(self, table: Mapping[str, Any], key: str, place: str) -> str | tuple[str, ...] | None:
        value = table.get(key)
        if not isinstance(value, list):
            return self._text(table, key, place)
        if not value or not all(isinstance(name, str) for name in value):
            self._fail(f"{place} {key}", f"{value!r} is not names", f'write {key} = ["…", "…"]')
        return tuple(value)

    def _truth(self, table: Mapping[str, Any], key: str, place: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self._fail(f"{place} {key}", f"{value!r} is not true or false", f"write {key} = true")
        return value

    def _only(self, table: Mapping[str, Any], place: str, known: set[str]) -> None:
        for key in table:
            if key not in known:
                self._fail(
                    f"{place}, key '{key}'", "it is not known", f"use {', '.join(sorted(known))}", key, sorted(known)
                )

    @contextmanager
    def _at(self, place: str) -> Iterator[None]:
        """Says in which place of the file an error of another function lies."""
        try:
            yield
        except SpecError as error:
            message = str(error)
            raise error if message.startswith(self.where) else SpecError(f"{self.where}, {place}: {message}") from error

    def _fail(self, place: str, what: str, remedy: str, value: str = "", known: Sequence[str] = ()) -> NoReturn:
        near = get_close_matches(value, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise SpecError(f"{self.where}, {place}: {what}; {remedy}.{hint}")


def _listed(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
