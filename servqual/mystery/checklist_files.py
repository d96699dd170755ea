"""What does a checklist's file say? Its keys as a checklist, or everything that is wrong with them, by line or row."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any

from servqual.mystery.checklist import NOT_APPLICABLE, Category, Checklist, ChecklistItem, Indicator, Level
from servqual.mystery.faults import Fault, find_faults, refuse
from survey_design.errors import SpecError
from survey_design.results import Text

BLOCKS = {"category": "categories", "indicator": "indicators", "item": "items"}
HEAD = ("id", "version", "title", "source", "valid_from", "valid_to", "veto_rule", "rebase", "not_applicable",
        "languages", "evidence")  # fmt: skip
KEYS = {
    "category": ("id", "label", "weight", "module"),
    "indicator": ("id", "label", "category", "weight", "themes"),
    "item": ("id", "label", "indicator", "type", "points", "veto", "cap", "levels", "limit", "zero_at", "target",
             "maximum", "unit", "evidence", "text", "hint"),
}  # fmt: skip
_UNITS: Mapping[str, Text] = {
    "minutes": {"en": "minutes", "zh": "分钟"},
    "seconds": {"en": "seconds", "zh": "秒"},
}


def read_checklist(text: str, where: str) -> Checklist:
    """A checklist from the text of a TOML file; ``where`` names it in messages.

    Raises
    ------
    SpecError
        If it can't be used as written; the message lists every fault with its line and key.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not valid TOML: {error}.") from error
    return as_checklist(content, where, _lines(text, content))


def as_checklist(
    content: Mapping[str, Any],
    where: str,
    places: Mapping[tuple[str, int], str],
    found: Sequence[Fault] = (),
    told: Callable[[Fault], Fault] = lambda fault: fault,
) -> Checklist:
    """A checklist from keys and blocks, as TOML or a workbook gives them.

    Parameters
    ----------
    content : keys of the head, and the lists ``categories``, ``indicators``, ``items``
    where : the file's name
    places : (kind, position) -> where each block stands in the file
    found : faults that were found on the way here
    told : a fault in the words of the file, where it calls its keys otherwise
    """
    reader = _Reader(content, list(found))
    parts = reader.parts()

    def place(kind: str, k: int, name: str) -> str:
        if k < 0:
            return where
        return f"{where}, {places.get((kind, k), f'[[{BLOCKS[kind]}]] {k + 1}')}" + (f" '{name}'" if name else "")

    known = {(fault.kind, fault.at, fault.key.split(".")[0]) for fault in reader.faults}
    further = [fault for fault in find_faults(SimpleNamespace(**parts))
             if (fault.kind, fault.at, fault.key.split(".")[0]) not in known]  # fmt: skip
    order = {"checklist": 0, "category": 1, "indicator": 2, "item": 3}
    faults = sorted([*reader.faults, *further], key=lambda fault: (order[fault.kind], fault.at))
    refuse(where, [told(fault).sentence(place) for fault in faults])
    return Checklist(**parts)


def _lines(text: str, content: Mapping[str, Any]) -> dict[tuple[str, int], str]:
    """The line on which each block begins; none where headings can't be told from the text of a value."""
    places: dict[tuple[str, int], str] = {}
    for kind, block in BLOCKS.items():
        heading = re.compile(rf"^[ \t]*\[\[[ \t]*{block}[ \t]*\]\]", re.MULTILINE)
        lines = [text.count("\n", 0, match.start()) + 1 for match in heading.finditer(text)]
        if isinstance(content.get(block), list) and len(lines) == len(content[block]):
            places |= {(kind, k): f"line {line}, [[{block}]] {k + 1}" for k, line in enumerate(lines)}
    return places


@dataclass
class _Reader:
    """Turns keys into the parts of a checklist, and keeps what has the wrong shape instead of stopping there."""

    content: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)

    def parts(self) -> dict[str, Any]:
        top = self.content
        self._only(top, "checklist", -1, "", (*HEAD, *BLOCKS.values()))
        return {
            "id": self._plain(top, "id", "checklist", -1, ""),
            "version": self._plain(top, "version", "checklist", -1, ""),
            "title": self._text(top, "title", "checklist", -1, ""),
            "source": self._plain(top, "source", "checklist", -1, ""),
            "categories": tuple(self._category(k, entry) for k, entry in self._blocks("category")),
            "indicators": tuple(self._indicator(k, entry) for k, entry in self._blocks("indicator")),
            "items": tuple(self._item(k, entry) for k, entry in self._blocks("item")),
            "valid_from": self._day(top, "valid_from"),
            "valid_to": self._day(top, "valid_to"),
            "veto_rule": top.get("veto_rule", "indicator"),
            "rebase": top.get("rebase", "overall"),
            "evidence": top.get("evidence", {}),
            "not_applicable": tuple(self._list(top, "not_applicable", "checklist", -1, "", NOT_APPLICABLE)),
            "languages": tuple(self._list(top, "languages", "checklist", -1, "", ("en", "zh"))),
        }

    def _blocks(self, kind: str) -> list[tuple[int, Mapping[str, Any]]]:
        entries = self.content.get(BLOCKS[kind], [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._fault(
                "checklist", -1, "", BLOCKS[kind], f"it is not a list of blocks; write [[{BLOCKS[kind]}]] before each"
            )
            return []
        for k, entry in enumerate(entries):
            self._only(entry, kind, k, str(entry.get("id", "")), KEYS[kind])
        return list(enumerate(entries))

    def _category(self, k: int, entry: Mapping[str, Any]) -> Category:
        name = self._plain(entry, "id", "category", k, "")
        label = self._text(entry, "label", "category", k, name)
        return Category(
            name,
            label,
            self._number(entry, "weight", "category", k, name),
            self._plain(entry, "module", "category", k, name),
        )

    def _indicator(self, k: int, entry: Mapping[str, Any]) -> Indicator:
        name = self._plain(entry, "id", "indicator", k, "")
        label = self._text(entry, "label", "indicator", k, name)
        weight = self._number(entry, "weight", "indicator", k, name)
        themes = tuple(self._list(entry, "themes", "indicator", k, name, ()))
        return Indicator(name, label, self._plain(entry, "category", "indicator", k, name), weight, themes)

    def _item(self, k: int, entry: Mapping[str, Any]) -> ChecklistItem:
        name = self._plain(entry, "id", "item", k, "")
        numbers: dict[str, Any] = {key: self._number(entry, key, "item", k, name) for key in ("limit", "zero_at", "target", "maximum")
                   if key in entry}  # fmt: skip
        unit = entry.get("unit")
        if isinstance(unit, str) and unit in _UNITS:
            entry = {**entry, "unit": _UNITS[unit]}
        return ChecklistItem(
            id=name,
            indicator=self._plain(entry, "indicator", "item", k, name),
            type=entry.get("type", "yes_no"),
            points=self._number({"points": 1.0, **entry}, "points", "item", k, name),
            veto=self._flag(entry, "veto", k, name),
            cap=self._table(entry, "cap", k, name),
            levels=self._levels(entry, k, name),
            evidence=self._table(entry, "evidence", k, name),
            label=self._text(entry, "label", "item", k, name),
            **{key: self._text(entry, key, "item", k, name) for key in ("text", "hint", "unit") if key in entry},
            **numbers,
        )

    def _levels(self, entry: Mapping[str, Any], k: int, name: str) -> tuple[Level, ...]:
        given = entry.get("levels", [])
        if isinstance(given, list) and all(
            isinstance(each, dict) and {"value", "share"} <= set(each) for each in given
        ):
            for each in given:
                self._only(each, "item", k, name, ("value", "share", "label"), "levels ")
            return tuple(
                Level(
                    each["value"], each["share"], self._text(each, "label", "item", k, name) if "label" in each else {}
                )
                for each in given
            )
        self._fault("item", k, name, "levels", "write one { value = 2, share = 1.0 } for each answer")
        return ()

    def _plain(self, table: Mapping[str, Any], key: str, kind: str, k: int, name: str) -> str:
        """An id or another short text; a number stands for its figures."""
        value = table.get(key, "")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self._fault(kind, k, name, key, f"{value!r} is not a text")
            return ""
        return str(value)

    def _text(self, table: Mapping[str, Any], key: str, kind: str, k: int, name: str) -> Any:
        value = table.get(key, {})
        if isinstance(value, str):  # a plain text is English; that Chinese is missing is found with the others
            return {"en": value}
        if not isinstance(value, dict) or not all(isinstance(words, str) for words in value.values()):
            self._fault(kind, k, name, key, f'{value!r} is not a text; write {key}.en = "…" and {key}.zh = "…"')
            return {}
        return value

    def _number(self, table: Mapping[str, Any], key: str, kind: str, k: int, name: str) -> float:
        if key not in table:
            self._fault(kind, k, name, key, f"the key is missing; add {key}")
            return float("nan")
        value = table[key]
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self._fault(kind, k, name, key, f"{value!r} is not a number")
            return float("nan")
        return float(value)

    def _flag(self, entry: Mapping[str, Any], key: str, k: int, name: str) -> bool:
        value = entry.get(key, False)
        if not isinstance(value, bool):
            self._fault("item", k, name, key, f"{value!r} is not true or false")
        return value is True

    def _table(self, entry: Mapping[str, Any], key: str, k: int, name: str) -> Mapping[str, Any]:
        value = entry.get(key, {})
        if not isinstance(value, dict):
            self._fault("item", k, name, key, f"{value!r} is not a table; write {key} = {{ … = 2 }}")
            return {}
        return value

    def _list(self, table: Mapping[str, Any], key: str, kind: str, k: int, name: str, default: Any) -> list[str]:
        value = table.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._fault(kind, k, name, key, f'{value!r} is not a list of texts; write {key} = ["…", "…"]')
            return list(default)
        return value

    def _day(self, top: Mapping[str, Any], key: str) -> Any:
        value = top.get(key)
        try:
            return date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            return value  # found with the others, which say how a day is written

    def _only(
        self, table: Mapping[str, Any], kind: str, k: int, name: str, known: tuple[str, ...], within: str = ""
    ) -> None:
        for key in table:
            if key not in known:
                self._fault(kind, k, name, f"{within}{key}", f"the key is not known; use {', '.join(known)}")

    def _fault(self, kind: str, k: int, name: str, key: str, problem: str) -> None:
        self.faults.append(Fault(kind, k, name, key, problem))
