"""What does study.toml say, and where is it wrong? Reading settings strictly, each fault with its place and a remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from survey_design.errors import DataError, SpecError, check_choice, check_inside
from survey_design.results import Text

NAME = "study.toml"
_ALIKE = 0.75  # from which the name of another file may be the one that was meant


def open_study(path: str | Path) -> tuple[dict[str, Any], str, Path]:
    """What a ``study.toml`` holds, its name, and the study's folder.

    Raises
    ------
    SpecError
        If there is no such study, or its file is no TOML in UTF-8.

    Examples
    --------
    >>> content, name, folder = open_study("data/sample")
    >>> content["instrument"], name, folder.name
    ('servqual-22', 'study.toml', 'sample')
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
    return content, file.name, file.parent


@dataclass(frozen=True)
class Settings:
    """Parsed settings of a study, and the checks that say where a key is wrong and what to write.

    Attributes
    ----------
    content : the whole file
    where : its name
    folder : the study's folder; no file outside of it is named
    """

    content: Mapping[str, Any]
    where: str
    folder: Path

    def _named(self, text: Any, place: str) -> Text:
        """A text for both languages, or one for each."""
        if isinstance(text, str):
            return {"en": text, "zh": text}
        if not isinstance(text, dict) or not text or not all(isinstance(words, str) for words in text.values()):
            self._fail(place, f"{text!r} is not a text", 'write "…", or one text each for .en and .zh')
        self._only(text, place, {"en", "zh"})
        return text

    def _inside(self, named: str, place: str) -> Path:
        path = check_inside(Path(named), self.folder, f"{self.where}, {place}")
        if not path.is_file():
            present = sorted(
                entry.name for entry in self.folder.iterdir() if entry.is_file() and entry.name != self.where
            )
            alike = [name for name in present if _alike(Path(name).stem, Path(named).stem)]
            self._fail(
                place,
                f"'{named}' is not in the study's folder",
                f"it holds {', '.join(present) or 'no data'}",
                named,
                alike,
            )
        return path

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

    def _file_of(self, table: Mapping[str, Any], place: str, example: str) -> Path:
        """The file that a table names, which it must."""
        named = self._text(table, "file", place)
        if not named:
            self._fail(f"{place} file", "the key is missing", f'add file = "{example}"')
        return self._inside(named, f"{place} file")

    def _reading(self, table: Mapping[str, Any], place: str) -> dict[str, Any]:
        """How the cells of a file are read, where the table says it."""
        found: dict[str, Any] = {"encoding": self._text(table, "encoding", place)} if "encoding" in table else {}
        if "sheet" in table:
            if not isinstance(table["sheet"], str) and not is_whole(table["sheet"]):
                self._fail(f"{place} sheet", f"{table['sheet']!r} is neither a name nor a number", "write sheet = 0")
            found["sheet"] = table["sheet"]
        return found

    def _chosen(self, table: Mapping[str, Any], key: str, place: str, choices: Any) -> dict[str, Any]:
        """A key whose value is one of a few words, where it is there."""
        if key not in table:
            return {}
        with self._at(f"{place} {key}"):
            check_choice(key, table[key], choices)
        return {key: table[key]}

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
        except (DataError, SpecError) as error:
            message = str(error)
            if message.startswith(self.where):
                raise
            told = f"{self.where}, {place}: {message}"
            raise (DataError(told, error.cases) if isinstance(error, DataError) else SpecError(told)) from error

    def _fail(self, place: str, what: str, remedy: str, value: str = "", known: Sequence[str] = ()) -> NoReturn:
        near = get_close_matches(value, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise SpecError(f"{self.where}, {place}: {what}; {remedy}.{hint}")


@dataclass(frozen=True, eq=False)
class Reading:
    """What reading one file of a study brought: how much is kept, what must be known, and the faulty cells that were set aside."""

    kept: str
    warnings: tuple[str, ...] = ()
    cases: pd.DataFrame = field(default_factory=pd.DataFrame)


@contextmanager
def in_file(name: str, called: str = "") -> Iterator[None]:
    """Says in which file an error of another function lies, and its cells too, where it does not say so itself.

    ``called`` is what the function calls its table, which gives way to the file's name.
    """
    try:
        yield
    except (DataError, SpecError) as error:
        message = str(error).replace(called, name) if called else str(error)
        told = message if message.startswith(name) else f"{name}: {message}"
        if isinstance(error, SpecError):
            raise SpecError(told) from error
        raise DataError(told, _of_file(error.cases, name, called)) from error


def _of_file(cases: pd.DataFrame, name: str, called: str) -> pd.DataFrame:
    """Cells with the file they stand in."""
    if "file" in cases:
        return cases.replace({"file": {called: name}}) if called else cases
    return cases.assign(file=name) if len(cases) else cases


def _alike(name: str, other: str) -> bool:
    """True where one may be a slip of the other.

    >>> _alike("answer", "answers"), _alike("experts", "promises")
    (True, False)
    """
    return SequenceMatcher(None, name.lower(), other.lower()).ratio() >= _ALIKE


def listed(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else value


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
