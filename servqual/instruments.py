"""What we measure: items, dimensions, scale, in both languages, written once and used at both ends."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from survey_design.errors import SpecError, check_choice
from survey_design.results import Language, Text, say

FORMS = ("expectation", "perception", "minimum", "desired", "disconfirmation")
_SCALE_KEYS = {"points", "from", "to", "low", "high"}


@dataclass(frozen=True)
class Scale:
    """The answers an item allows: whole numbers from ``low`` to ``high``, with labelled ends.

    >>> Scale(1, 7).midpoint, Scale(1, 7).allows(8)
    (4.0, False)
    """

    low: int = 1
    high: int = 7
    low_label: Text = field(default_factory=dict)
    high_label: Text = field(default_factory=dict)

    @property
    def midpoint(self) -> float:
        return (self.low + self.high) / 2

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high and float(value).is_integer()


@dataclass(frozen=True)
class Form:
    """One column of answers per item: how its columns are named and how its questions begin."""

    name: str
    column: str
    lead: Text = field(default_factory=dict)

    def column_of(self, item: Item) -> str:
        return self.column.replace("{id}", item.id)


@dataclass(frozen=True)
class Dimension:
    """A group of items reported together."""

    id: str
    label: Text


@dataclass(frozen=True)
class Item:
    """One thing asked. ``reverse`` items are turned round on import; ``maps_to`` names the same item elsewhere."""

    id: str
    dimension: str
    label: Text
    text: Text
    reverse: bool = False
    maps_to: Mapping[str, str] = field(default_factory=dict)
    category: str = ""


@dataclass(frozen=True)
class Outcome:
    """A question about the whole (overall quality, satisfaction, recommendation) with its own scale."""

    id: str
    column: str
    scale: Scale
    label: Text
    text: Text


@dataclass(frozen=True)
class Instrument:
    """A questionnaire scale: items in dimensions, asked in one or more forms.

    Attributes
    ----------
    name, version, title, source : what it is and whose structure it follows
    scale : the answers allowed
    forms : ``expectation``, ``perception``, ``minimum``, ``desired``: those the instrument asks
    dimensions, items, outcomes : in reporting order; an item without dimension is asked, not reported in one
    language : the language in which results built on it show themselves

    Examples
    --------
    >>> instrument = load_instrument("servqual-22")
    >>> [f"{dimension.id} {len(instrument.items_of(dimension.id))}" for dimension in instrument.dimensions]
    ['tangibles 4', 'reliability 5', 'responsiveness 4', 'assurance 4', 'empathy 5']
    >>> instrument.column("perception", "REL2")
    'P_REL2'
    """

    name: str
    version: str
    title: Text
    source: str
    scale: Scale
    forms: tuple[Form, ...]
    dimensions: tuple[Dimension, ...]
    items: tuple[Item, ...]
    outcomes: tuple[Outcome, ...] = ()
    language: Language = "en"

    def in_language(self, language: Language) -> Instrument:
        """The same instrument; results built on it show themselves in this language."""
        check_choice("language", language, Language)
        return replace(self, language=language)

    def item(self, item_id: str) -> Item:
        """The item with this id."""
        return _by_id(self.items, item_id, f"instrument '{self.name}'")

    def items_of(self, dimension_id: str) -> tuple[Item, ...]:
        """The items of one dimension, in order."""
        return tuple(item for item in self.items if item.dimension == dimension_id)

    def form(self, name: str) -> Form:
        """The form with this name."""
        for form in self.forms:
            if form.name == name:
                return form
        known = ", ".join(form.name for form in self.forms)
        raise SpecError(f"instrument '{self.name}' has no form '{name}'. It has: {known}.")

    def column(self, form: str, item_id: str) -> str:
        """The data column that holds an item's answers in a form."""
        return self.form(form).column_of(self.item(item_id))

    def columns(self, form: str) -> dict[str, str]:
        """Data column of every item in a form, keyed by item id."""
        return {item.id: self.form(form).column_of(item) for item in self.items}

    def words(self) -> dict[str, Text]:
        """Labels of dimensions and items by id, for tables and charts."""
        things: tuple[Dimension | Item | Outcome, ...] = (*self.dimensions, *self.items, *self.outcomes)
        return {thing.id: thing.label for thing in things}

    def sentence(self) -> str:
        """What the instrument asks, in one sentence."""
        forms = ", ".join(form.name for form in self.forms)
        if self.language == "zh":
            return (
                f"{say(self.title, 'zh')}：{len(self.items)} 个题项，{len(self.dimensions)} 个维度，"
                f"{self.scale.low} 至 {self.scale.high} 分。"
            )
        return (
            f"{say(self.title, 'en')}: {len(self.items)} items in {len(self.dimensions)} dimensions, "
            f"answered from {self.scale.low} to {self.scale.high} ({forms})."
        )


def available_instruments() -> list[str]:
    """Names of the instruments that come with the toolkit.

    >>> available_instruments()
    ['retail-13', 'servperf-22', 'servqual-22', 'tolerance-22']
    """
    folder = resources.files("servqual") / "item_banks"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_instrument(name: str | Path, *, language: Language = "en") -> Instrument:
    """An instrument by name, or from your own TOML file.

    Parameters
    ----------
    name : str or path
        One of :func:`available_instruments`, or the path of a TOML file. Copy a shipped one and change it:
        items, dimensions, scale and column names are yours to set.
    language : {"en", "zh"}
        The language in which results built on it show themselves.

    Raises
    ------
    SpecError
        If the file is not valid; the message names the key and its place.

    Examples
    --------
    >>> load_instrument("retail-13", language="zh").items[0].label["zh"]
    '服务主动性'
    >>> load_instrument("servqual-23")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: no instrument 'servqual-23'. Shipped: retail-13, servperf-22, servqual-22, tolerance-22; or give the path of a .toml file.
    """
    text, where = _read(name)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not valid TOML: {error}.") from error
    return _Reader(content, where).instrument().in_language(language)


def _read(name: str | Path) -> tuple[str, str]:
    if str(name) in available_instruments():
        entry = resources.files("servqual") / "item_banks" / f"{name}.toml"
        return entry.read_text(encoding="utf-8"), str(name)
    path = Path(name) if isinstance(name, (str, Path)) else Path()
    if path.suffix.lower() != ".toml" or not path.is_file():
        shipped = ", ".join(available_instruments())
        raise SpecError(f"no instrument '{name}'. Shipped: {shipped}; or give the path of a .toml file.")
    try:
        return path.read_text(encoding="utf-8-sig"), path.name
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


@dataclass(frozen=True)
class _Reader:
    """Turns the parsed TOML into an Instrument, saying where a key is wrong."""

    content: Mapping[str, Any]
    where: str

    def instrument(self) -> Instrument:
        top = self.content
        self._only(top, "top level", {"name", "version", "title", "source", "note", "scale", "forms", "dimensions",
                                      "items", "outcomes"})  # fmt: skip
        ruler = self._get(top, "scale", dict, "top level")
        self._only(ruler, "[scale]", _SCALE_KEYS)
        scale = self._scale(ruler, "[scale]")
        forms = self._forms(self._get(top, "forms", dict, "top level"))
        dimensions = tuple(self._dimension(entry, k) for k, entry in self._entries("dimensions"))
        items = tuple(self._item(entry, k) for k, entry in self._entries("items"))
        outcomes = tuple(self._outcome(entry, k) for k, entry in self._entries("outcomes"))
        instrument = Instrument(
            name=self._get(top, "name", str, "top level"),
            version=str(top.get("version", "1")),
            title=self._text(top, "title", "top level"),
            source=str(top.get("source", "")),
            scale=scale,
            forms=forms,
            dimensions=dimensions,
            items=items,
            outcomes=outcomes,
        )
        self._consistent(instrument)
        return instrument

    def _consistent(self, instrument: Instrument) -> None:
        if not instrument.items:
            self._fail("[[items]]", "there is no item", "add at least one [[items]] block")
        for kind in ("dimensions", "items", "outcomes"):
            ids = [thing.id for thing in getattr(instrument, kind)]
            for k, name in enumerate(ids):
                if name in ids[:k]:
                    self._fail(f"[[{kind}]] {k + 1}", f"id '{name}' occurs twice", "give every entry its own id")
        seen: dict[str, str] = {}
        for kind in ("dimensions", "items", "outcomes"):
            for thing in getattr(instrument, kind):
                if seen.setdefault(thing.id, kind) != kind:
                    self._fail(
                        f"[[{kind}]] '{thing.id}'", f"the id is taken by one of {seen[thing.id]}", "choose another"
                    )
        known = {dimension.id for dimension in instrument.dimensions}
        for k, item in enumerate(instrument.items):
            if item.dimension and item.dimension not in known:
                self._fail(f"[[items]] {k + 1} ('{item.id}') dimension", f"'{item.dimension}' is not declared",
                           f"use one of {', '.join(sorted(known))}, or leave the key out")  # fmt: skip
        for dimension in instrument.dimensions:
            if not instrument.items_of(dimension.id):
                self._fail(f"[[dimensions]] '{dimension.id}'", "it has no item", "remove it or give it items")
        columns = [form.column_of(item) for form in instrument.forms for item in instrument.items]
        columns += [outcome.column for outcome in instrument.outcomes]
        for k, name in enumerate(columns):
            if name in columns[:k]:
                self._fail(
                    "[forms]", f"two questions share the data column '{name}'", "make the column patterns differ"
                )

    def _forms(self, table: Mapping[str, Any]) -> tuple[Form, ...]:
        if not table:
            self._fail("[forms]", "there is no form", f"add one of {', '.join(FORMS)}")
        forms = []
        for name, entry in table.items():
            place = f"[forms.{name}]"
            if name not in FORMS:
                self._fail(place, "this form is not known", f"use {', '.join(FORMS)}")
            if not isinstance(entry, dict):
                self._fail(place, f"{entry!r} is not a table", f'write [forms.{name}] and below it column = "P_{{id}}"')
            self._only(entry, place, {"column", "lead"})
            column = self._get(entry, "column", str, place)
            if "{id}" not in column:
                self._fail(f"{place} column", f"'{column}' lacks {{id}}", 'write a pattern such as "P_{id}"')
            forms.append(Form(name, column, self._text(entry, "lead", place, required=False)))
        return tuple(forms)

    def _scale(self, table: Mapping[str, Any], place: str) -> Scale:
        counted = "points" in table
        for key in ("from", "to"):
            if counted and key in table:
                self._fail(f"{place} {key}", "it stands beside points", "write either points, or from and to")
        low = 1 if counted else self._whole(table, "from", place)
        high = self._whole(table, "points" if counted else "to", place)
        if high <= low:
            self._fail(
                f"{place} {'points' if counted else 'to'}",
                f"{high} leaves no room above {low}",
                "use at least 2 points",
            )
        labels = [self._text(table, key, place, required=False) for key in ("low", "high")]
        return Scale(low, high, *labels)

    def _id(self, entry: Mapping[str, Any], place: str) -> str:
        name = str(self._get(entry, "id", str, place))
        if not name.strip():
            self._fail(f"{place} id", "it is empty", "give the entry a name of its own")
        return name

    def _whole(self, table: Mapping[str, Any], key: str, place: str) -> int:
        value = table.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            self._fail(
                f"{place} {key}", f"{value!r} is not a whole number", "write points = 7, or from = 0 and to = 10"
            )
        return value

    def _dimension(self, entry: Mapping[str, Any], k: int) -> Dimension:
        place = f"[[dimensions]] {k}"
        self._only(entry, place, {"id", "label"})
        name = self._id(entry, place)
        return Dimension(name, self._text(entry, "label", place, required=False) or {"en": name})

    def _item(self, entry: Mapping[str, Any], k: int) -> Item:
        place = f"[[items]] {k}"
        self._only(entry, place, {"id", "dimension", "label", "text", "reverse", "maps_to", "category"})
        name = self._id(entry, place)
        text = self._text(entry, "text", f"{place} ('{name}')")
        reverse = entry.get("reverse", False)
        if not isinstance(reverse, bool):
            self._fail(f"{place} ('{name}') reverse", f"{reverse!r} is not true or false", "write reverse = true")
        label = self._text(entry, "label", place, required=False) or {"en": name}
        maps_to = self._get({"maps_to": {}, **entry}, "maps_to", dict, place)
        for other, partner in maps_to.items():
            if not isinstance(partner, str):
                self._fail(f"{place} ('{name}') maps_to {other}", f"{partner!r} is not a text", "name one item")
        return Item(
            name, str(entry.get("dimension", "")), label, text, reverse, maps_to, str(entry.get("category", ""))
        )

    def _outcome(self, entry: Mapping[str, Any], k: int) -> Outcome:
        place = f"[[outcomes]] {k}"
        self._only(entry, place, {"id", "column", *_SCALE_KEYS, "label", "text"})
        name = self._id(entry, place)
        label = self._text(entry, "label", place, required=False) or {"en": name}
        scale = self._scale(entry, f"{place} ('{name}')")
        return Outcome(
            name, str(entry.get("column", name)), scale, label, self._text(entry, "text", place, required=False)
        )

    def _entries(self, key: str) -> list[tuple[int, Mapping[str, Any]]]:
        entries = self.content.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._fail(key, "it is not a list of blocks", f"write [[{key}]] before each entry")
        return list(enumerate(entries, start=1))

    def _text(self, table: Mapping[str, Any], key: str, place: str, required: bool = True) -> Text:
        value = table.get(key)
        if value is None and not required:
            return {}
        if isinstance(value, str):
            return {"en": value}
        if not isinstance(value, dict) or not value or not all(isinstance(words, str) for words in value.values()):
            self._fail(f"{place} {key}", f"{value!r} is not a text", f'write {key} = "…" or {key}.en = "…"')
        return value

    def _get(self, table: Mapping[str, Any], key: str, kind: type, place: str) -> Any:
        if key not in table:
            self._fail(f"{place} {key}", "the key is missing", f"add {key}")
        if not isinstance(table[key], kind):
            noun = {"str": "a text", "dict": "a table"}.get(kind.__name__, kind.__name__)
            self._fail(f"{place} {key}", f"{table[key]!r} is not {noun}", "correct its value")
        return table[key]

    def _only(self, table: Mapping[str, Any], place: str, known: set[str]) -> None:
        for key in table:
            if key not in known:
                self._fail(f"{place} {key}", "the key is not known", f"use {', '.join(sorted(known))}")

    def _fail(self, place: str, what: str, remedy: str) -> NoReturn:
        raise SpecError(f"{self.where}, {place}: {what}; {remedy}.")


def _by_id(things: tuple[Any, ...], name: str, where: str) -> Any:
    for thing in things:
        if thing.id == name:
            return thing
    raise SpecError(f"{where} has no item '{name}'. It has: {', '.join(thing.id for thing in things)}.")
