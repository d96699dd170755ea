"""What does study.toml say, and what is wrong with the files it names? Read strictly, each fault with its place and a remedy.

Tables of further chapters are read by those: of visits by :mod:`servqual.inspections`, of voices by :mod:`servqual.voices`, of
causes by :mod:`servqual.causes`, of decisions by :mod:`servqual.decisions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from servqual.inference import Adjust
from servqual.instruments import Instrument, available_instruments, load_instrument
from servqual.layouts import Layout
from servqual.measures import Missing, Rule, Total
from servqual.responses import Faults, PersonalDataRule, Responses, read_responses
from servqual.settings import Settings, is_number, is_whole, listed
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.files.table import HEADER_REPEATED, Source, read_table
from survey_design.results import Language, Variable
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from servqual.causes import Causes
    from servqual.decisions import Decisions
    from servqual.inspections import Inspection
    from servqual.mystery.visits import Visits
    from servqual.privacy import PersonalData
    from servqual.voices import Voices

Made = TypeVar("Made")

_TOLERANCE = 0.5  # importance points may miss 100 by rounding
LEAST_N = 100  # complete answers from which a group is asked whether it uses the same ruler
MINIMUM_BASE = 5  # smallest base that a report shows, unless the study says otherwise
_FILES = ("responses", "expectation", "perception")
_VISITED = ("checklist", "visits", "competitors", "moves", "inspectors")  # read by servqual.inspections
_HEARD = ("statements", "experts", "listening")  # by servqual.voices
_CAUSED = ("managers", "staff", "standards", "promises", "complaints", "diagnosis")  # by servqual.causes
_BESIDE = ("managers", "staff")  # of these tables; they may be asked of fewer items than customers
_DECIDED = ("drivers", "priorities", "actions", "return")  # by servqual.decisions
_FURTHER = (*_VISITED, *_HEARD, *_CAUSED, *_DECIDED)
_TABLES = {*_FILES, *_FURTHER, "variables", "gaps", "importance", "expected", "stores", "validity", "report", "plan"}
TOP = {"title", "language", "instrument"} | _TABLES
DESIGN_ORDER = ("strata", "clusters", "weight", "population", "whole_clusters", "selection")
_DESIGN = set(DESIGN_ORDER)
_LONG = {"item", "answer", "form"}  # columns of a file with one line per answer
_READING = ("encoding", "sheet", "header_rows")  # what reading a file's cells needs to know
_OPTIONS = {"respondent", "columns", "missing_codes", "dont_know", "faults", "value_labels", "layout", "personal_data"}
_FILE = {"file", "instrument", *_READING, *_LONG} | _DESIGN | _OPTIONS
_GAPS = {"by", "match", "total", "adjust", "level", "missing", "minimum"}
_STORES = {"by", "within", "minimum"}
LINES = ("distinct", "reliability", "floor", "p", "cfi", "rmsea", "srmr")  # where the gate draws its lines
_VALIDITY = {"of", "estimator", "missing", "by", "forms", "minimum", "skip", *LINES}

# What functions say about their arguments, and how study.toml says it.
_TOML_WORDS = (
    (r"(?:pass|set) faults ?= ?'set aside'", 'write faults = "set aside"'),
    (r"; \.cases [^.]*(?=\.)| Look at \.cases\.", ""),
    (r"give fixed levels: expected=6; for perceptions alone use score_performance", "write [expected] all = 6"),
    (r"points='(own|mean)'", r'points = "\1" under [importance]'),
    (r", or name the indicators with indicators=|, or pass Points\(rescale=True\) to share out what they gave", ""),
    (r"\buntil=", "until = "),
    (r"method=Delphi\(round='…'\)", 'round = "…"'),
    (r"\bcolumns=\{'([^'{}]*)': '([^'{}]*)'\}", r'columns = { "\1" = "\2" }'),
    (r"\bcolumns=", "columns = "),
)


@dataclass(frozen=True)
class AnswerFile:
    """One data file of a study and how it is read.

    Attributes
    ----------
    table : the table of study.toml that names it: "responses", "expectation" or "perception"; also "managers" or "staff"
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
        lacking = self.not_asked()
        items = tuple(item for item in self.instrument.items if item.id not in lacking)
        asked = replace(self.instrument, items=items) if lacking else self.instrument
        with in_toml_words():
            return read_responses(self.path, asked, self.design, **{**self.options, **changes})

    def not_asked(self) -> tuple[str, ...]:
        """Items that managers or staff were not asked, as the file has no column of them; of customers every item is expected.

        Where most items lack a column, the columns are named otherwise: then none is taken as not asked.
        """
        if self.table not in _BESIDE or self.options.get("layout") == "long":
            return ()
        frame, source = self._table()
        present = {*map(str, frame.columns), *source.labels.other_names}
        columns = [self.instrument.columns(form.name) for form in self.instrument.forms]
        there = {item for form in columns for item, name in form.items() if self._renamed.get(name, name) in present}
        lacking = tuple(item.id for item in self.instrument.items if item.id not in there)
        return lacking if 2 * len(lacking) < len(self.instrument.items) else ()

    def problems(self) -> tuple[list[DataError | SpecError], Responses | None]:
        """Everything that is wrong with this file, and its answers where they can be read at all."""
        found: list[DataError | SpecError] = []
        table = collect(found, self._table)
        if table is None:
            return found, None
        for wanted, present in self._columns_asked(*table):
            collect(found, partial(check_columns, wanted, present, self.path.name))
        answers = collect(found, partial(self.read, faults="set aside"))
        faulty = 0 if answers is None else len(faulty_cells(answers))
        if answers is not None and self.faults == "raise" and faulty:
            several = faulty > 1
            message = f"{self.path.name}: {counted(faulty, 'faulty cell')}: nothing is used until "
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
        table = collect([], self._table) if answers is None else (answers.frame,)
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
            *self._fewer(answers),
            *([f"{self.path.name}: the header is repeated in {counted(again, 'row')}, left out."] if again else []),
            *self._personal(answers),
            *(data_cautions(answers, "en") if answers is not None else []),
        ]

    def _fewer(self, answers: Responses | None) -> list[str]:
        """That managers or staff were asked of fewer items."""
        lacking = () if answers is None else self.not_asked()
        if not lacking:
            return []
        whole = len(self.instrument.items)
        return [
            f"{self.path.name}: no column of {len(lacking)} of {whole} items, taken as not asked ({', '.join(lacking)})."
        ]

    def _personal(self, answers: Responses | None) -> list[str]:
        """How many cells of which column hold what kind of personal data; never what stands there."""
        found = self.personal_data(answers)
        if found is None or found.frame.empty:
            return []
        lines = found.frame.to_dict("records")
        named = "; ".join(f"{line['column']}: {line['kind']} in {counted(line['n'], 'cell')}" for line in lines)
        done = "masked on reading" if set(found.frame["action"]) != {"found"} else "kept as they are"
        if answers is None:
            done = "found"
        return [f"{self.path.name}: personal data, {done} ({named})."]

    def faulty(self, answers: Responses) -> pd.DataFrame:
        """The faulty cells of the file."""
        return faulty_cells(answers)

    def encoding_remark(self, answers: Responses, language: str) -> str:
        """That the letters were guessed, with an example; empty where they were not."""
        from servqual.report.cautions import encoding_remark

        if "encoding" in self.options:
            return ""
        return encoding_remark(answers.source, answers.frame, language, self._renamed.values(), self.table)

    def _guessed(self) -> str:
        from servqual.report.cautions import encoding_remark

        table = None if "encoding" in self.options else collect([], self._table)
        return "" if table is None else encoding_remark(table[1], table[0], "en", table=self.table)

    @property
    def _renamed(self) -> Mapping[str, str]:
        return self.options.get("columns", {})

    def _table(self) -> tuple[pd.DataFrame, Source]:
        reading = {key: self.options[key] for key in _READING if key in self.options}
        return read_table(self.path, **reading)


def faulty_cells(side: Responses | Visits) -> pd.DataFrame:
    """The faulty cells; a header that is repeated is left out without being one, and a visit's flag is none."""
    known = {HEADER_REPEATED}
    if not isinstance(side, Responses):
        from servqual.inspections import FLAGGED

        known |= FLAGGED
    return side.cases[~side.cases["problem"].isin(known)]


def collect(found: list[DataError | SpecError], act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (DataError, SpecError) as error:
        found.append(error)


@contextmanager
def in_toml_words() -> Iterator[None]:
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


def counted(n: int, noun: str) -> str:
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


class StudyFile(Settings):
    """Turns the parsed TOML into a Study, saying where a key is wrong and what to write."""

    def study(self, make: Callable[..., Made]) -> Made:
        """What is made of everything that the file says, such as :class:`servqual.study.Study`."""
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
        return make(
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
            voices=self._voices(instrument),
            causes=self._causes(instrument),
            decisions=self._decisions(instrument),
        )

    def _inspection(self) -> Inspection | None:
        """Settings of mystery visits; None where the study has none."""
        if not set(_VISITED) & set(self.content):
            return None
        from servqual.inspections import InspectionSettings

        return InspectionSettings(self.content, self.where, self.folder).inspection(read_variables(self))

    def _voices(self, instrument: Instrument) -> Voices | None:
        """Settings of what people said; None where the study has none."""
        if not set(_HEARD) & set(self.content):
            return None
        from servqual.voices import VoiceSettings

        return VoiceSettings(self.content, self.where, self.folder).voices(instrument)

    def _causes(self, instrument: Instrument) -> Causes | None:
        """Settings of what stands behind the gaps; None where the study has none."""
        if not set(_CAUSED) & set(self.content):
            return None
        from servqual.causes import ANSWERED, CauseSettings

        answered = {name: self._file(name) for name in ANSWERED if name in self.content}
        said = CauseSettings(self.content, self.where, self.folder)
        return said.causes(instrument, answered, read_variables(self))

    def _decisions(self, instrument: Instrument) -> Decisions | None:
        """Settings of what is to be decided; None where the study has none."""
        if not set(_DECIDED) & set(self.content):
            return None
        from servqual.decisions import DecisionSettings

        return DecisionSettings(self.content, self.where, self.folder).decisions(instrument)

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
        least = table.get("minimum", MINIMUM_BASE)
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
        least = table.get("minimum", LEAST_N)
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

        lines = {key: table[key] for key in LINES if key in table}
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
        least = table.get("minimum_base", MINIMUM_BASE)
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
