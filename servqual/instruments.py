"""What we measure: items, dimensions, scale, in both languages, written once and used at both ends."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn, get_args

from survey_design.errors import SpecError, check_choice
from survey_design.exit_interview import (
    AGREED,
    INTERVIEWS,
    SCREENING,
    contact_section,
    ending_section,
    person_section,
    visit_section,
)
from survey_design.questionnaire import (
    DONT_KNOW_WORDS,
    LABEL_LIMIT,
    Choice,
    Code,
    Question,
    Questionnaire,
    Scale,
    Section,
    Words,
)
from survey_design.results import Language, Text, say

FORMS = ("expectation", "perception", "minimum", "desired", "disconfirmation")
_FORM_WORDS: Mapping[str, Text] = {
    "expectation": {"en": "What you expect", "zh": "您的期望"},
    "perception": {"en": "What you found", "zh": "您的感受"},
    "minimum": {"en": "What you would still accept", "zh": "您能接受的最低水平"},
    "desired": {"en": "What you would like", "zh": "您希望的水平"},
    "disconfirmation": {"en": "Compared with what you expected", "zh": "与您的期望相比"},
}
_SCALE_KEYS = {"points", "from", "to", "low", "high"}


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

    def questionnaire(
        self,
        *,
        forms: Sequence[str] | None = None,
        outcomes: bool | None = None,
        importance: bool = False,
        intercept: bool = False,
        stores: Mapping[str, Words] | None = None,
        products: Mapping[str, Words] | None = None,
        dont_know: Code | None = 99,
        title: Words | None = None,
        company: Words = "",
    ) -> Questionnaire:
        """The form that asks this instrument; a filled one needs no mapping, since its columns have the right names.

        Parameters
        ----------
        forms : the forms to ask, all if not given (expectations and perceptions may go to different people). A form that
            asks some of them only bears their names: "servqual-22-expectation"
        outcomes : whether the questions about the whole are asked; if not given, where perceptions or disconfirmation
            are, since only who has been served can answer them
        importance : also 100 points to share out over the dimensions, in columns ``imp_<dimension>``
        intercept : also what an interview at the shop door asks: respondent, store, date, purchase just completed and
            consent before the scale; minutes, visits per month, segment, sex, age and a comment after it, and the
            disposition. Questions with a scale get show cards
        stores, products : codes and words for an intercept's lists; without ``stores`` the store's code is written,
            without ``products`` nobody is asked what was bought
        dont_know : code for "don't know" at every graded question (declare it when reading: ``dont_know=[99]``), or
            None where it isn't offered
        title : what stands on top, as those who answer read it ("Customer survey"); the instrument's if not given
        company : whose survey it is, a line below the title

        Raises
        ------
        SpecError
            If texts or column names can't go into a form, and the message lists all of them; if a form or outcomes are
            wanted that the instrument doesn't have.

        Examples
        --------
        >>> form = load_instrument("servqual-22").questionnaire(importance=True)
        >>> len(form.columns), form.columns[0], form.columns[-1]
        (52, 'E_TAN1', 'imp_empathy')
        >>> load_instrument("retail-13").questionnaire(forms=["perception"], intercept=True).columns[:6]
        ('respondent', 'store', 'date', 'purchase', 'consent', 'P_initiative')
        >>> online = load_instrument("servqual-22").questionnaire(forms=["expectation"])
        >>> online.name, [section.name for section in online.sections]
        ('servqual-22-expectation', ['expectation'])
        """
        asked = [self.form(name) for name in (forms or [form.name for form in self.forms])]
        sections = [_form_section(self, form, dont_know) for form in asked]
        sections += [_outcome_section(self, dont_know)] if _outcomes_asked(self, asked, outcomes) else []
        sections += [_points_section(self)] if importance else []
        languages = _languages_of(sections, self.title if title is None else "") or (self.language,)
        if intercept:
            asked_all = [replace(section, relevant=AGREED) for section in _with_cards(sections)]
            sections = [
                contact_section(stores),
                *asked_all,
                visit_section(products),
                person_section(),
                ending_section(),
            ]
        return Questionnaire(
            name="-".join([self.name, *(form.name for form in asked if len(asked) < len(self.forms))]),
            version=self.version,
            title=self.title if title is None else title,
            company=company,
            sections=tuple(sections),
            languages=languages,
            language=self.language if self.language in languages else languages[0],
            screening=SCREENING if intercept else (),
            disposition="disposition" if intercept else "",
            interviews=INTERVIEWS if intercept else (),
        )

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


def _outcomes_asked(instrument: Instrument, asked: Sequence[Form], wanted: bool | None) -> bool:
    """Whether the questions about the whole are asked: as wanted, else of those who have been served."""
    if wanted and not instrument.outcomes:
        raise SpecError(f"outcomes=True: instrument '{instrument.name}' has no outcomes. Add [[outcomes]] to its file.")
    served = any(form.name in ("perception", "disconfirmation") for form in asked)
    return bool(instrument.outcomes) and (served if wanted is None else wanted)


def _form_section(instrument: Instrument, form: Form, dont_know: Code | None) -> Section:
    questions = [_graded(form.column_of(item), item.text, instrument.scale, dont_know) for item in instrument.items]
    return Section(form.name, _FORM_WORDS[form.name], tuple(questions), lead=form.lead)


def _outcome_section(instrument: Instrument, dont_know: Code | None) -> Section:
    questions = [_graded(each.column, each.text or each.label, each.scale, dont_know) for each in instrument.outcomes]
    return Section("outcomes", {"en": "Taken as a whole", "zh": "总体评价"}, tuple(questions))


def _graded(column: str, text: Text, scale: Scale, dont_know: Code | None) -> Question:
    offered = None if dont_know is None else (dont_know, DONT_KNOW_WORDS)
    return Question(column, "graded", text, scale=scale, required=True, dont_know=offered)


def _points_section(instrument: Instrument) -> Section:
    """100 points over the dimensions, each said with the labels of its items."""
    if len(instrument.dimensions) < 2:
        raise SpecError(f"instrument '{instrument.name}' has no two dimensions to share out points over.")
    parts = tuple(Choice(f"imp_{each.id}", _dimension_words(instrument, each)) for each in instrument.dimensions)
    question = Question(
        "importance_points",
        "points",
        {
            "en": "Share out 100 points: the more points, the more this matters to you.",
            "zh": "请分配 100 分：对您越重要的方面，分数越高。",
        },
        choices=parts,
    )
    return Section("importance", {"en": "What matters most to you", "zh": "您最看重什么"}, (question,))


def _dimension_words(instrument: Instrument, dimension: Dimension) -> Text:
    words = {}
    for language, label in dimension.label.items():
        said = [item.label[language] for item in instrument.items_of(dimension.id) if item.label.get(language)]
        joined = f"（{'、'.join(said)}）" if language == "zh" else f" ({', '.join(said)})"
        words[language] = label + joined if said and len(label + joined) <= LABEL_LIMIT else label
    return words


def _with_cards(sections: Sequence[Section]) -> list[Section]:
    """The same sections, each different scale with a show card of its own: A, B, C."""
    scales = list(dict.fromkeys(repr(each.scale) for section in sections for each in section.questions if each.scale))
    return [
        replace(
            section,
            questions=tuple(
                replace(each, show_card=_card(scales.index(repr(each.scale)))) if each.scale else each
                for each in section.questions
            ),
        )
        for section in sections
    ]


def _card(k: int) -> str:
    return chr(ord("A") + k) if k < 26 else f"{k + 1}"


def _languages_of(sections: Sequence[Section], title: Words) -> tuple[Language, ...]:
    """The languages in which every text of these sections is given; a lead or end label may be left out in all."""
    questions = [question for section in sections for question in section.questions]
    texts: list[Words] = [title, *(question.label for question in questions)]
    texts += [choice.label for question in questions for choice in question.choices]
    texts += [section.lead for section in sections if section.lead]
    ends = [words for each in questions if each.scale for words in (each.scale.low_label, each.scale.high_label)]
    given = [text for text in (*texts, *filter(None, ends)) if isinstance(text, Mapping)]
    return tuple(language for language in get_args(Language) if all(text.get(language) for text in given))


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
