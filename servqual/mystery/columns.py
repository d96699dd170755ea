"""Which column of a file is which? The columns of visits by their usual headings, and what can't be known without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from servqual.answers import label_key, texts_of
from servqual.mystery.checklist import Checklist
from servqual.mystery.faults import VISIT_COLUMNS
from servqual.mystery.visit_words import ALSO, HEADINGS, LABELS, LACKING, LOOSE, MODES, SCENARIOS
from survey_design.errors import DataError
from survey_design.files.days import days_in
from survey_design.results import Language, say
from survey_design.visits.given import heading_key

_NUMBERED = re.compile(r"\(?q?\d{1,3}[).:、\s]+(?=\S)")
_MOST_NAMED = 8


@dataclass(frozen=True)
class Headings:
    """What the columns of a file were taken for.

    Attributes
    ----------
    taken : name here -> heading in the file, of the columns that place a visit
    lacking : those that the file doesn't have
    alike : heading in the file -> the lacking column that it looks like; it was not taken for it
    other : the headings of the remaining columns, which are kept as they are
    """

    taken: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    alike: Mapping[str, str] = field(default_factory=dict)
    other: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: pd.DataFrame, names: Mapping[Any, str], ours: Iterable[str]) -> Headings:
        """Of a frame as it came, its new names, and the columns that are known besides those of :data:`HEADINGS`."""
        taken = {names.get(name, str(name)): str(name) for name in frame.columns
                 if names.get(name, str(name)) in HEADINGS}  # fmt: skip
        lacking = tuple(name for name in HEADINGS if name not in taken)
        known = set(ours)
        rest = [name for name in frame.columns
                if not str(name).startswith("_") and names.get(name, str(name)) not in {*taken, *known}]  # fmt: skip
        seen = {str(name): _looks_like(name, frame[name], lacking) for name in rest}
        alike = {name: one for name, one in seen.items() if one}
        return cls(taken, lacking, alike, tuple(name for name in seen if name not in alike))

    @classmethod
    def together(cls, parts: Sequence[Headings]) -> Headings:
        """Of several files: what any of them lacks is lacking."""
        taken = {name: " / ".join(dict.fromkeys(part.taken[name] for part in parts if name in part.taken))
                 for part in parts for name in part.taken}  # fmt: skip
        alike = {heading: name for part in parts for heading, name in part.alike.items()}
        lacking = {name for part in parts for name in part.lacking}
        other = dict.fromkeys(name for part in parts for name in part.other)
        return cls(taken, tuple(name for name in HEADINGS if name in lacking), alike, tuple(other))

    def sentence(self, language: Language) -> str:
        """Which columns were found under which heading, which were not, and what that costs."""
        zh = language == "zh"
        named = {name: say(LABELS[name], language) for name in HEADINGS}
        comma, stop, none = ("、", "。", "无") if zh else (", ", ". ", "none")
        by = "{0}（取自“{1}”）" if zh else "{0} from '{1}'"
        plain = {name: {heading_key(name), heading_key(named[name])} for name in self.taken}
        found = [named[name] if heading_key(heading) in plain[name] else by.format(named[name], heading)
                 for name, heading in self.taken.items()]  # fmt: skip
        said = [("认出的列：" if zh else "Columns known: ") + (comma.join(found) or none)]
        if self.lacking:
            lost = [f"{named[name]}（{LACKING[name]['zh']}）" if zh else f"{named[name]} ({LACKING[name]['en']})"
                    for name in self.lacking]  # fmt: skip
            said.append(("没有的列：" if zh else "No column for ") + comma.join(lost))
        said += [self.doubt(name, language) for name in dict.fromkeys(self.alike.values())]
        if self.other:
            more = len(self.other) - _MOST_NAMED
            shown = comma.join(self.other[:_MOST_NAMED])
            if more > 0:
                shown += f"等 {len(self.other)} 列" if zh else f" and {more} more"
            said.append(("其他列，原样保留：" if zh else "Other columns, kept as they are: ") + shown)
        return stop.join(said) + stop.strip()

    def doubt(self, name: str, language: Language) -> str:
        """That a column looks like a lacking one and was not used, and how to name it; empty where none does."""
        like = [heading for heading, ours in self.alike.items() if ours == name]
        if not like:
            return ""
        label, code = say(LABELS[name], language), f"columns={{{like[0]!r}: {name!r}}}"
        if language == "zh":
            return f"“{'”“'.join(like)}”像是{label}，未采用；如果是，请写 {code}"
        verb = "looks" if len(like) == 1 else "look"
        return f"{', '.join(map(repr, like))} {verb} like {label} and {'was' if len(like) == 1 else 'were'} not used; if so, write {code}"


def names_of(
    frame: pd.DataFrame, columns: Mapping[str, str], checklist: Checklist | None, known: Iterable[str] = tuple(HEADINGS)
) -> dict[Any, str]:
    """Name in the file -> name here: as told, else by the usual headings, else by the id or the words of an item.

    A loose heading, such as "Type", is taken only where the cells fit. Two columns for one item are refused.
    """
    names: dict[Any, str] = {theirs: ours for theirs, ours in columns.items() if theirs in frame.columns}
    items = {} if checklist is None else item_names(checklist)
    ids = set() if checklist is None else set(checklist.columns)
    taken = {*names.values(), *(str(name) for name in frame.columns if name not in names)}
    keys = {name: heading_key(name) for name in frame.columns if str(name) not in {*ids, *HEADINGS}}
    for ours in (name for name in known if name not in taken):
        free = {name: key for name, key in keys.items() if name not in names}
        wanted = [heading_key(heading) for heading in HEADINGS[ours]]
        hits = [name for want in wanted for name, key in free.items() if key == want]
        loose = {heading_key(heading) for heading in LOOSE.get(ours, ())}
        hits += [
            name for name, key in free.items() if key in loose and not item_of(name, items) and _fits(ours, frame[name])
        ]
        if hits:
            names[hits[0]] = ours
    if checklist is not None:
        names |= _columns_of_items(frame, names, items, ids)
    return names


def _columns_of_items(
    frame: pd.DataFrame, names: Mapping[Any, str], items: Mapping[str, str], ids: set[str]
) -> dict[Any, str]:
    """Columns that are called by the words of an item; two for one item are refused unless one of them was told."""
    told = set(names.values())
    found: dict[str, list[Any]] = {}
    for name in frame.columns:
        item = str(name) if str(name) in ids else item_of(name, items)
        if item and item not in told and name not in names and str(name) not in VISIT_COLUMNS:
            found.setdefault(item, []).append(name)
    twice = {item: list(map(str, hits)) for item, hits in found.items() if len(hits) > 1}
    if twice:
        said = "; ".join(f"item {item!r} under {' and '.join(map(repr, hits))}" for item, hits in twice.items())
        item, hits = next(iter(twice.items()))
        cases = pd.DataFrame([{"column": name, "problem": f"one of {len(hits)} columns for item '{item}'"}
                              for item, hits in twice.items() for name in hits])  # fmt: skip
        raise DataError(f"the table of visits has several columns for one item: {said}. Remove those that don't count, or "
                        f"name the one that does: columns={{{hits[0]!r}: {item!r}}}.", cases)  # fmt: skip
    return {hits[0]: item for item, hits in found.items() if str(hits[0]) != item}


def item_names(checklist: Checklist) -> dict[str, str]:
    """Ids, labels and texts of the items in one spelling -> id; words that two items share name neither."""
    named: dict[str, set[str]] = {}
    for item in checklist.items:
        for text in {*item.label.values(), *item.text.values()}:
            named.setdefault(heading_key(text), set()).add(item.id)
    words = {key: next(iter(ids)) for key, ids in named.items() if len(ids) == 1}
    return words | {heading_key(item.id): item.id for item in checklist.items}


def item_of(name: Any, items: Mapping[str, str]) -> str | None:
    """The item that a column is called by, with or without a number before it: "2. Desk tidy?" is "Desk tidy?"."""
    bare = _NUMBERED.sub("", label_key(name), count=1) if _NUMBERED.match(label_key(name)) else name
    return items.get(heading_key(name)) or items.get(heading_key(bare))


def words_of(name: str) -> dict[str, str]:
    """All words for the codes of modes or scenarios, in one spelling -> code."""
    words = {"mode": MODES, "scenario": SCENARIOS}[name]
    known = {label_key(word): code for code, text in words.items() for word in (code, *text.values())}
    return known | {label_key(word): code for code, others in ALSO[name].items() for word in others}


def _fits(name: str, cells: pd.Series) -> bool:
    """Whether the cells under a loose heading are what it would be taken for."""
    texts = [text for text in texts_of(cells) if text]
    if name == "visit":
        return len(texts) == len(cells) == len(set(texts))
    if name == "date":
        return 2 * int(days_in(cells).notna().sum()) >= len(texts) > 0
    return _says(name, texts)


def _says(name: str, texts: Sequence[str]) -> bool:
    """Whether at least half of the texts are words for modes, or for scenarios."""
    known = words_of(name)
    return 2 * sum(label_key(text) in known for text in texts) >= len(texts) > 0


def _looks_like(heading: Any, cells: pd.Series, lacking: Sequence[str]) -> str:
    """The lacking column that a heading, or its cells, remind of; empty for none."""
    label, key = label_key(heading), heading_key(heading)
    padded = f" {' '.join(re.split(r'[^0-9a-z]+', label)).strip()} "
    for name in lacking:
        if key in {heading_key(each) for each in LOOSE.get(name, ())}:
            return name
        for usual in map(label_key, HEADINGS[name]):
            if f" {' '.join(re.split(r'[^0-9a-z]+', usual))} " in padded if usual.isascii() else usual in key:
                return name
    texts = [text for text in texts_of(cells.head(1_000)) if text]
    return next((name for name in lacking if name in ALSO and _says(name, texts)), "")
