"""By what are statements sorted? Codes in dimensions: those of the discussion guide, or your own from TOML or CSV."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from servqual.answers import label_key, text_of
from servqual.instruments import Dimension
from survey_design.errors import SpecError, check_choice, check_columns
from survey_design.files.table import read_table
from survey_design.focus_groups import GUIDES, DiscussionGuide, discussion_guide
from survey_design.results import Language, Text, say

TOUCHPOINTS, ELEMENTS = "service_functions", "service_elements"  # dimensions of the guide that span the grid
SEPARATORS = ";；|"
NONE = frozenset({"-", "–", "—", "none", "n/a", "无", "不适用"})  # what a coder writes where no code applies
_CODE_KEYS = {"id", "dimension", "label", "item", "note"}


@dataclass(frozen=True)
class Code:
    """One thing that statements are about.

    Attributes
    ----------
    id, dimension, label : ``id`` is what stands in the coders' columns
    item : how a questionnaire would ask it; empty where the label has to do
    note : when the code applies, and when it does not
    """

    id: str
    dimension: str
    label: Text
    item: Text = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class CodeFrame:
    """The codes for what is said, in dimensions.

    Attributes
    ----------
    name, title : what it is called
    dimensions, codes : in reporting order
    touchpoints, elements : the two dimensions whose codes span a grid; empty where there is none
    language : in which results built on it show themselves

    Raises
    ------
    SpecError
        If an id is empty, taken twice or holds a separator (``;`` or ``|``), a code's dimension is not declared, or a
        dimension has no code; the message lists all of it.

    Examples
    --------
    >>> frame = load_code_frame("general")
    >>> len(frame.dimensions), len(frame.codes), len(frame.codes_of("service_elements"))
    (7, 32, 7)
    >>> frame.code("service_functions.payment").label["zh"]
    '付款买单'
    """

    name: str
    title: Text
    dimensions: tuple[Dimension, ...]
    codes: tuple[Code, ...]
    touchpoints: str = ""
    elements: str = ""
    language: Language = "en"

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise SpecError(f"code frame '{self.name}' can't be used:\n" + "\n".join(f"- {fault}" for fault in faults))

    def in_language(self, language: Language) -> CodeFrame:
        """The same codes; results built on them show themselves in this language."""
        check_choice("language", language, Language)
        return replace(self, language=language)

    def code(self, code_id: str) -> Code:
        """The code with this id."""
        for code in self.codes:
            if code.id == code_id:
                return code
        raise SpecError(f"code frame '{self.name}' has no code '{code_id}'. It has: {_listed(self.codes)}.")

    def codes_of(self, dimension: str) -> tuple[Code, ...]:
        """The codes of one dimension, in order."""
        return tuple(code for code in self.codes if code.dimension == dimension)

    def words(self) -> dict[str, Text]:
        """Labels of dimensions and codes by id."""
        things: tuple[Dimension | Code, ...] = (*self.dimensions, *self.codes)
        return {thing.id: thing.label for thing in things}

    def spellings(self) -> dict[str, str]:
        """What a cell may say -> id: ids, what follows the dot in them, labels; what two codes share names neither."""
        found: dict[str, set[str]] = {}
        for code in self.codes:
            for words in (code.id.rsplit(".", 1)[-1], *code.label.values()):
                found.setdefault(label_key(words), set()).add(code.id)
        once = {words: next(iter(ids)) for words, ids in found.items() if len(ids) == 1}
        return once | {label_key(code.id): code.id for code in self.codes}

    def sentence(self) -> str:
        """How many codes in how many dimensions."""
        if self.language == "zh":
            return f"{say(self.title, 'zh')}：{len(self.dimensions)} 个维度，{len(self.codes)} 个编码。"
        return f"{say(self.title, 'en')}: {len(self.codes)} codes in {len(self.dimensions)} dimensions."


def _listed(things: Sequence[Any]) -> str:
    return ", ".join(thing.id for thing in things)


def _faults(frame: CodeFrame) -> Iterator[str]:
    """Everything that keeps the codes from being used."""
    if not frame.codes:
        yield "there is no code; give at least one."
    dimensions = [each.id for each in frame.dimensions]
    for kind, ids in (("dimension", dimensions), ("code", [each.id for each in frame.codes])):
        for k, name in enumerate(ids, start=1):
            if not name.strip() or name != " ".join(name.split()):
                yield f"{kind} {k}: its id is {name!r}; write it without white space around, on one line."
            if any(sign in name for sign in SEPARATORS):
                yield f"{kind} '{name}': {' '.join(SEPARATORS)} separate codes in a cell and can't be part of an id."
            if label_key(name) in map(label_key, ids[: k - 1]):
                yield f"{kind} {k}: the id '{name}' is taken; give every one its own."
            if label_key(name) in NONE:
                yield f"{kind} {k}: '{name}' stands for no code at all; choose another id."
    for code in frame.codes:
        if code.dimension not in dimensions:
            yield f"code '{code.id}': dimension '{code.dimension}' is not declared; use one of {', '.join(dimensions)}."
        if not any(code.label.values()):
            yield f"code '{code.id}': it has no label; add label.en or label.zh."
    used = {code.dimension for code in frame.codes}
    yield from (
        f"dimension '{name}': it has no code; remove it or give it one." for name in dimensions if name not in used
    )
    if bool(frame.touchpoints) != bool(frame.elements):
        yield "a grid needs both touchpoints and elements."
    for key in ("touchpoints", "elements"):
        if getattr(frame, key) and getattr(frame, key) not in dimensions:
            yield f"{key} = '{getattr(frame, key)}' is not a dimension; use one of {', '.join(dimensions)}."


# --- where they come from ----------------------------------------------------------------------------------


def available_code_frames() -> list[str]:
    """Names of the code frames that come with the toolkit: those of the discussion guides.

    >>> available_code_frames()
    ['general', 'telecom']
    """
    return list(GUIDES)


def load_code_frame(name: str | Path, *, language: Language = "en") -> CodeFrame:
    """Codes by name, or from a TOML or CSV file of your own.

    Parameters
    ----------
    name : "general" or "telecom", the seven demand dimensions with their codes as the discussion guides have them, six
        touchpoints and seven elements among them; or the path of a file
    language : in which results show themselves

    Notes
    -----
    TOML: ``name``, ``title``, ``[[dimensions]]`` with ``id`` and ``label``, ``[[codes]]`` with ``id``, ``dimension``, ``label``
    and, if wanted, ``item`` (how a questionnaire asks it) and ``note``; ``touchpoints`` and ``elements`` may name the two
    dimensions of a grid. A discussion guide of your own is read too. CSV or Excel: the columns ``code, dimension, en, zh``
    of ``discussion_guide().codes()`` and, if wanted, ``dimension_en, dimension_zh, item_en, item_zh, note``.

    Raises
    ------
    SpecError
        If there is no such file or it can't be used; the message lists every fault.

    Examples
    --------
    >>> load_code_frame("telecom", language="zh").sentence()
    '七个需求维度（telecom）：7 个维度，32 个编码。'
    """
    if str(name) in available_code_frames():
        return code_frame_of(discussion_guide(guide=str(name)), name=str(name)).in_language(language)
    path = Path(name) if isinstance(name, (str, Path)) else Path()
    if not path.is_file() or path.suffix.lower() not in (".toml", ".csv", ".tsv", ".xlsx"):
        shipped = ", ".join(available_code_frames())
        raise SpecError(f"no code frame '{name}'. Shipped: {shipped}; or give the path of a .toml, .csv or .xlsx file.")
    if path.suffix.lower() == ".toml":
        return _from_toml(path).in_language(language)
    return _from_table(path).in_language(language)


def code_frame_of(guide: DiscussionGuide, *, name: str = "guide") -> CodeFrame:
    """The codes of the guide that the moderator had: what is asked is what is coded.

    >>> code_frame_of(discussion_guide()).codes[0].id
    'business_demand.phone'
    """
    labels: dict[str, Text] = {
        str(row["block"]): {"en": str(row["label_en"]), "zh": str(row["label_zh"])}
        for row in guide.frame.to_dict("records")
    }
    table = guide.codes().astype(str)
    dimensions = list(dict.fromkeys(table["dimension"]))
    codes = tuple(Code(code, home, {"en": en, "zh": zh}) for code, home, en, zh in table.to_numpy().tolist())
    spans = {TOUCHPOINTS, ELEMENTS} <= set(dimensions)
    return CodeFrame(
        name, {"en": f"Seven demand dimensions ({name})" if len(dimensions) == 7 else name,
               "zh": f"七个需求维度（{name}）" if len(dimensions) == 7 else name},
        tuple(Dimension(each, labels[each]) for each in dimensions), codes,
        TOUCHPOINTS if spans else "", ELEMENTS if spans else "",
    )  # fmt: skip


def _from_toml(path: Path) -> CodeFrame:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path.name} is not valid TOML: {error}.") from error
    if "blocks" in content:
        return code_frame_of(discussion_guide(guide=path), name=path.stem)
    faults = list(_toml_faults(content))
    if faults:
        raise SpecError(f"code frame '{path.name}' can't be used:\n" + "\n".join(f"- {fault}" for fault in faults))
    dimensions = tuple(
        Dimension(each["id"], _words(each.get("label"), each["id"])) for each in content.get("dimensions", [])
    )
    codes = tuple(
        Code(each["id"], each["dimension"], _words(each.get("label"), each["id"]), _words(each.get("item"), ""),
             each.get("note", ""))
        for each in content["codes"]
    )  # fmt: skip
    name = content.get("name", path.stem)
    return CodeFrame(
        name,
        _words(content.get("title"), name),
        dimensions,
        codes,
        content.get("touchpoints", ""),
        content.get("elements", ""),
    )


def _toml_faults(content: Mapping[str, Any]) -> Iterator[str]:
    known = {"name", "title", "dimensions", "codes", "touchpoints", "elements"}
    yield from (f"'{key}' is not known; use {', '.join(sorted(known))}." for key in content if key not in known)
    for key in ("name", "touchpoints", "elements"):
        if not isinstance(content.get(key, ""), str):
            yield f"{key} = {content[key]!r} is not a text."
    for kind, allowed, needed in (("dimensions", {"id", "label"}, {"id"}), ("codes", _CODE_KEYS, {"id", "dimension"})):
        entries = content.get(kind)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            yield f"[[{kind}]] is missing or no list of blocks; write [[{kind}]] before each entry."
            continue
        for k, entry in enumerate(entries, start=1):
            yield from (f"[[{kind}]] {k}: '{key}' is not known." for key in entry if key not in allowed)
            for key in needed:
                if not isinstance(entry.get(key), str):
                    yield f"[[{kind}]] {k}: '{key}' is missing or no text."
            yield from (f"[[{kind}]] {k}: '{key}' is no text." for key in ("label", "item")
                        if key in entry and not _is_text(entry[key]))  # fmt: skip
            if not isinstance(entry.get("note", ""), str):
                yield f"[[{kind}]] {k}: 'note' is no text."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, dict) and bool(value) and set(value) <= set(get_args(Language))
        and all(isinstance(each, str) for each in value.values())
    )  # fmt: skip


def _words(value: Any, otherwise: str) -> Text:
    """A text in the languages given; labels are one line each."""
    given = {"en": value} if isinstance(value, str) else dict(value or {})
    cleaned = {language: " ".join(str(words).split()) for language, words in given.items()}
    kept = {language: words for language, words in cleaned.items() if words}
    return kept or ({"en": otherwise} if otherwise else {})


def _from_table(path: Path) -> CodeFrame:
    table, _ = read_table(path)
    table = table.rename(columns={name: label_key(name) for name in table.columns})
    check_columns(["code", "dimension"], table.columns, path.name)
    rows = [{name: text_of(value) for name, value in row.items()} for row in table.to_dict("records")]
    dimensions: dict[str, Text] = {}
    for row in rows:
        given = {each: row.get(f"dimension_{each}", "") for each in get_args(Language)}
        if row["dimension"] and (any(given.values()) or row["dimension"] not in dimensions):
            dimensions[row["dimension"]] = _words(given, row["dimension"])
    codes = tuple(
        Code(row["code"], row["dimension"], _words({each: row.get(each, "") for each in get_args(Language)}, row["code"]),
             _words({each: row.get(f"item_{each}", "") for each in get_args(Language)}, ""), row.get("note", ""))
        for row in rows
    )  # fmt: skip
    return CodeFrame(path.stem, {"en": path.stem}, tuple(Dimension(*each) for each in dimensions.items()), codes,
                     TOUCHPOINTS if {TOUCHPOINTS, ELEMENTS} <= set(dimensions) else "",
                     ELEMENTS if {TOUCHPOINTS, ELEMENTS} <= set(dimensions) else "")  # fmt: skip
