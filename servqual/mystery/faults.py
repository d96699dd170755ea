"""What keeps a checklist from being used as written: ids, weights, words, limits and vetoes, all of it found at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any, get_args

from survey_design.errors import SpecError
from survey_design.questionnaire import NAME_LIMIT
from survey_design.results import Language

TYPES = ("yes_no", "graded", "timed", "counted")
REACHES = ("indicator", "category", "visit")
REBASES = ("overall", "within")
ITEM_EVIDENCE = ("photos", "recordings", "characters")
VISIT_EVIDENCE = ("minutes", *ITEM_EVIDENCE)
# Columns of a visit beside the answers, in its files and on its forms; no item may take one of these names.
VISIT_COLUMNS = (
    *("visit", "store", "date", "inspector", "mode", "scenario", "exposed", "agency", "company", "double", "version"),
    *("time_in", "time_out", "devices", "problems", *VISIT_EVIDENCE),
)

_ID = re.compile(r"[^\W\d][\w.-]*")
_ROUNDING = 1e-6  # weights typed with three decimals, as 0.333 three times, are a fault; 1/3 in a program is none

Place = Callable[[str, int, str], str]


@dataclass(frozen=True)
class Fault:
    """One thing wrong: the kind and position of the part, its id, the key at fault, and what to do."""

    kind: str
    at: int
    id: str
    key: str
    problem: str

    def sentence(self, place: Place) -> str:
        where = place(self.kind, self.at, self.id)
        return f"{where}, {self.key}: {self.problem}." if self.key else f"{where}: {self.problem}."


def refuse(where: str, said: Sequence[str]) -> None:
    """Raise all faults at once; nothing happens if there are none."""
    if said:
        count = "1 fault" if len(said) == 1 else f"{len(said)} faults"
        raise SpecError(f"{where} has {count}:\n" + "\n".join(f"- {fault}" for fault in said))


def faults_of(checklist: Any, place: Place) -> Iterator[str]:
    """Every fault of a checklist in one sentence each."""
    return (fault.sentence(place) for fault in find_faults(checklist))


def find_faults(checklist: Any) -> Iterator[Fault]:
    """Every fault of a checklist, or of parts that shall become one."""
    yield from _head_faults(checklist)
    languages = [language for language in checklist.languages if language in get_args(Language)]
    kinds = ("category", checklist.categories), ("indicator", checklist.indicators), ("item", checklist.items)
    for kind, parts in kinds:
        if not parts:
            yield Fault("checklist", -1, "", _PLURAL[kind], f"there is none; add at least one {kind}")
        for k, part in enumerate(parts):
            yield from _id_faults(kind, k, part.id)
            yield from _word_faults(kind, k, part.id, "label", part.label, languages)
    yield from _repeated(kinds)
    yield from _orphans(checklist)
    yield from _weight_faults(checklist)
    for k, item in enumerate(checklist.items):
        yield from _item_faults(k, item, languages)


_PLURAL = {"category": "categories", "indicator": "indicators", "item": "items"}


def _head_faults(checklist: Any) -> Iterator[Fault]:
    def fault(key: str, problem: str) -> Fault:
        return Fault("checklist", -1, "", key, problem)

    for key in ("id", "version"):
        if not isinstance(getattr(checklist, key), str) or not getattr(checklist, key).strip():
            yield fault(key, "it is empty; give one, as a text")
    if isinstance(checklist.id, str) and checklist.id.strip():
        yield from _id_faults("checklist", -1, checklist.id)
    unknown = [language for language in checklist.languages if language not in get_args(Language)]
    if unknown or not checklist.languages:
        yield fault("languages", f"{list(checklist.languages)} must be one or both of 'en', 'zh'")
    known = [language for language in checklist.languages if language not in unknown]
    yield from _word_faults("checklist", -1, "", "title", checklist.title, known)
    yield from _choice_fault("checklist", -1, "", "veto_rule", checklist.veto_rule, REACHES)
    yield from _choice_fault("checklist", -1, "", "rebase", checklist.rebase, REBASES)
    yield from _amount_faults("checklist", -1, "", "evidence", checklist.evidence, VISIT_EVIDENCE)
    first, last = checklist.valid_from, checklist.valid_to
    for key, day in (("valid_from", first), ("valid_to", last)):
        if day is not None and type(day) is not date:
            yield fault(key, f"{day!r} is not a day; write 2026-01-31")
    if type(first) is date and type(last) is date and last < first:
        yield fault("valid_to", f"{last} lies before valid_from, {first}; exchange them or leave one out")
    if not all(isinstance(code, str) and code.strip() for code in checklist.not_applicable):
        yield fault("not_applicable", "a blank cell is a missing answer; give codes that are texts")


def _id_faults(kind: str, k: int, name: Any) -> Iterator[Fault]:
    if not isinstance(name, str) or not name.strip():
        yield Fault(kind, k, "", "id", "it is empty; give an id of its own")
    elif not _ID.fullmatch(name) or len(name) > NAME_LIMIT:
        yield Fault(kind, k, name, "id", "it can't name a column or a form everywhere; begin with a letter and go on with "
                    f"letters, digits, '_', '-' or '.', {NAME_LIMIT} signs at most")  # fmt: skip
    elif kind == "item" and name.casefold() in VISIT_COLUMNS:
        yield Fault(kind, k, name, "id", f"'{name}' is a column of the visit itself; choose another")


def _repeated(kinds: Iterable[tuple[str, Sequence[Any]]]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for kind, parts in kinds:
        for k, part in enumerate(parts):
            key = str(part.id).casefold()
            if key.strip() and key in first:
                yield Fault(kind, k, part.id, "id", f"'{part.id}' is taken by {first[key]}; give every part its own")
            first.setdefault(key, f"{kind} {k + 1}")


def _word_faults(
    kind: str, k: int, name: str, key: str, words: Any, languages: Sequence[str], needed: bool = True
) -> Iterator[Fault]:
    if not isinstance(words, Mapping):
        yield Fault(kind, k, name, key, f'{words!r} is not a text; write {key}.en = "…" and {key}.zh = "…"')
        return
    if not needed and not words:
        return
    for language in languages:
        given = words.get(language, "")
        if not isinstance(given, str) or not given.strip():
            yield Fault(kind, k, name, f"{key}.{language}", f"the words in '{language}' are missing; add them, or leave "
                        f"'{language}' out of languages")  # fmt: skip


def _choice_fault(kind: str, k: int, name: str, key: str, value: Any, known: Sequence[str]) -> Iterator[Fault]:
    if value not in known:
        yield Fault(kind, k, name, key, f"{value!r} is not known; use {', '.join(known)}")


def _orphans(checklist: Any) -> Iterator[Fault]:
    """Parts that belong nowhere, and groups that hold nothing."""
    categories = {each.id for each in checklist.categories}
    indicators = {each.id for each in checklist.indicators}
    for kind, parts, parent, known in (
        ("indicator", checklist.indicators, "category", categories),
        ("item", checklist.items, "indicator", indicators),
    ):
        for k, part in enumerate(parts):
            named = getattr(part, parent)
            if not named:
                yield Fault(kind, k, part.id, parent, f"it belongs to no {parent}; name one of {_listed(known)}")
            elif named not in known:
                yield Fault(kind, k, part.id, parent, f"'{named}' is not declared; use one of {_listed(known)}")
    used = {each.category for each in checklist.indicators}, {item.indicator for item in checklist.items}
    for kind, parts, held, child in (
        ("category", checklist.categories, used[0], "indicator"),
        ("indicator", checklist.indicators, used[1], "item"),
    ):
        for k, part in enumerate(parts):
            if part.id not in held:
                yield Fault(kind, k, part.id, "", f"it has no {child}; remove it or give it one")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names))) or "(none declared)"


# --- weights -----------------------------------------------------------------------------------------------


def _weight_faults(checklist: Any) -> Iterator[Fault]:
    for kind, parts in (("category", checklist.categories), ("indicator", checklist.indicators)):
        for k, part in enumerate(parts):
            if not _is_number(part.weight):
                yield Fault(kind, k, part.id, "weight", f"{part.weight!r} is not a number; give a share such as 0.2")
            elif part.weight < 0:
                yield Fault(kind, k, part.id, "weight", f"{part.weight:g} is negative; give 0 or more")
    base = [each.weight for each in checklist.categories if not each.module]
    if base and _off(base):
        yield Fault("checklist", -1, "", "weight of categories", _sum_of(base))
    for module in dict.fromkeys(each.module for each in checklist.categories if each.module):
        weights = [each.weight for each in checklist.categories if each.module == module]
        if all(map(_is_number, weights)) and not 0 < sum(weights) < 1:
            yield Fault("checklist", -1, "", f"weight of module '{module}'",
                        f"it takes {sum(weights):g} of the total when added; give more than 0 and less than 1")  # fmt: skip
    for k, category in enumerate(checklist.categories):
        within = [each.weight for each in checklist.indicators if each.category == category.id]
        if within and _off(within):
            yield Fault("category", k, category.id, "weight of its indicators", _sum_of(within))


def _sum_of(weights: Sequence[float]) -> str:
    """What is wrong with weights that don't sum to 1, and what to write where they are percentages."""
    total, some = sum(weights), next((weight for weight in weights if weight), 0.0)
    remedy = f"write {some / 100:g} for {some:g}%" if abs(total - 100) <= 100 * _ROUNDING else "correct them"
    return f"they sum to {total:.6g}, not to 1; {remedy}"


def _off(weights: Sequence[Any]) -> bool:
    return all(map(_is_number, weights)) and abs(sum(weights) - 1) > _ROUNDING


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


# --- items -------------------------------------------------------------------------------------------------


def _item_faults(k: int, item: Any, languages: Sequence[str]) -> Iterator[Fault]:
    def fault(key: str, problem: str) -> Fault:
        return Fault("item", k, item.id, key, problem)

    for key in ("text", "hint", "unit"):
        yield from _word_faults("item", k, item.id, key, getattr(item, key), languages, needed=False)
    if not _is_number(item.points) or item.points <= 0:
        yield fault("points", f"{item.points!r} must be a number above 0; leave out an item that shall earn nothing")
    yield from _amount_faults("item", k, item.id, "evidence", item.evidence, ITEM_EVIDENCE)
    for reach, value in item.cap.items():
        if reach not in REACHES:
            yield fault("cap", f"{reach!r} is not known; use {', '.join(REACHES)}")
        elif not _is_number(value) or not 0 <= value < 100:
            yield fault("cap", f"{value!r} must lie from 0 to below 100, on the scale of the score")
        elif 0 < value <= 1:
            most = f"; write {100 * value:g} for {100 * value:g}%" if value < 1 else ""
            yield fault("cap", f"{value:g} of 100 is next to nothing: caps are on the scale of the score{most}")
    if item.type not in TYPES:
        yield fault("type", f"{item.type!r} is not known; use {', '.join(TYPES)}")
        return
    found = [*_level_faults(k, item, languages), *_number_faults(k, item)]
    yield from found
    if not found and not item.can_fail and (item.veto or item.cap):
        key = "veto" if item.veto else "cap"
        yield fault(
            key, "no answer earns nothing, so that it can't be violated; add a level with share 0, or leave it out"
        )


def _level_faults(k: int, item: Any, languages: Sequence[str]) -> Iterator[Fault]:
    def fault(problem: str) -> Fault:
        return Fault("item", k, item.id, "levels", problem)

    if item.type != "graded":
        if item.levels:
            yield fault(f"an item of type '{item.type}' has no levels; use type = \"graded\" or leave them out")
        return
    if len(item.levels) < 2:
        yield fault("a graded item needs two levels or more, each with its value and its share of the points")
    values, worded = [level.value for level in item.levels], any(level.label for level in item.levels)
    for level in item.levels:
        if not isinstance(level.value, int) or isinstance(level.value, bool) or level.value < 0:
            yield fault(f"the value {level.value!r} is not a whole number from 0")
        elif values.count(level.value) > 1 and values.index(level.value) == item.levels.index(level):
            yield fault(f"the value {level.value} stands for two answers; give each its own")
        if not _is_number(level.share) or not 0 <= level.share <= 1:
            yield fault(f"the share {level.share!r} of value {level.value!r} must lie from 0 to 1")
        yield from _word_faults("item", k, item.id, f"levels {level.value} label", level.label, languages, worded)
    shares = [level.share for level in item.levels]
    if shares and all(map(_is_number, shares)) and max(shares) < 1:
        yield fault("no level earns all points; give the best one share = 1")


def _number_faults(k: int, item: Any) -> Iterator[Fault]:
    def fault(key: str, problem: str) -> Fault:
        return Fault("item", k, item.id, key, problem)

    given = {
        key: getattr(item, key) for key in ("limit", "zero_at", "target", "maximum") if getattr(item, key) is not None
    }
    if item.type in ("yes_no", "graded"):
        for key in given:
            yield fault(key, f"an item of type '{item.type}' is no number; leave the key out")
        return
    wrong = [key for key, value in given.items() if not _is_number(value) or value < 0]
    for key in wrong:
        yield fault(key, f"{given[key]!r} is not a number from 0")
    if wrong:
        return
    yield from _order_faults(item, given, fault)


def _order_faults(item: Any, given: Mapping[str, float], fault: Callable[[str, str], Fault]) -> Iterator[Fault]:
    if ("limit" in given) == ("target" in given):
        yield fault("limit", "give either limit (up to it all points are earned) or target (from it on they are), not "
                    f"{'both' if 'limit' in given else 'neither'}")  # fmt: skip
        return
    if "target" in given and "zero_at" in given:
        yield fault("zero_at", "it goes with limit, where less is better; leave it out beside target")
    if given.get("target") == 0:
        yield fault("target", "0 would give all points to every answer; give a number above 0")
    if "limit" in given and "zero_at" in given and given["zero_at"] <= given["limit"]:
        yield fault("zero_at", f"{given['zero_at']:g} must be larger than limit, {given['limit']:g}")
    best = given.get("target", given.get("limit", 0))
    if "maximum" in given and given["maximum"] < best:
        key = "target" if "target" in given else "limit"
        yield fault("maximum", f"{given['maximum']:g} is smaller than {key}, {best:g}")
    if item.type == "counted":
        for key, value in given.items():
            if key != "zero_at" and value != int(value):
                yield fault(key, f"{value:g} is no count; give a whole number")


def _amount_faults(kind: str, k: int, name: str, key: str, amounts: Any, known: Sequence[str]) -> Iterator[Fault]:
    if not isinstance(amounts, Mapping):
        yield Fault(kind, k, name, key, f"{amounts!r} is not a table; write {key} = {{ {known[0]} = 2 }}")
        return
    for what, amount in amounts.items():
        if what not in known:
            yield Fault(kind, k, name, key, f"{what!r} is not known; use {', '.join(known)}")
        elif not _is_number(amount) or amount <= 0:
            yield Fault(kind, k, name, key, f"{amount!r} {what} must be a number above 0")
