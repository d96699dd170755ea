"""What keeps a form from being used as written: names, words, answers and routing, all of it found at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any, get_args

from survey_design.questionnaire.questions import CHOSEN, NUMERIC, Condition, Evidence, Question, QuestionKind, Section

if TYPE_CHECKING:
    from survey_design.questionnaire.form import Questionnaire

LABEL_LIMIT = 200  # longer ones are cut by form apps, by SPSS (256 bytes) or by whoever reads them out
LEAD_LIMIT = 2000
NAME_LIMIT = 64  # SPSS and most databases cut longer names

# Letters of XML names that people type: Latin with accents, and Chinese.
_LETTER = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u4e00-\u9fff"
_NAME = re.compile(rf"[{_LETTER}][{_LETTER}0-9_.-]*")
_RESERVED = {"meta", "start", "end", "today", "audit", "deviceid", "username", "instanceid", "instancename"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def faults_of(form: Questionnaire) -> Iterator[str]:
    """Every fault of a form in one sentence each, in the order of its questions."""
    yield from _name_faults("the form's name", form.name)
    for what, words, limit in (
        ("title", form.title, LABEL_LIMIT),
        ("company", form.company, LABEL_LIMIT),
        ("intro", form.intro, LEAD_LIMIT),
        ("consent", form.consent, LEAD_LIMIT),
    ):
        yield from (f"the form's {fault}" for fault in _text_faults(what, words, limit, form, what == "title"))
    if not form.questions:
        yield "it asks nothing; give at least one section with a question."
    places = {id(question): f"question {number} '{question.name}' (section '{section.name}')"
              for number, (section, question) in enumerate(_placed(form), start=1)}  # fmt: skip
    yield from _duplicates(form, places)
    for section in form.sections:
        yield from _section_faults(section, form)
        for question in section.questions:
            yield from (f"{places[id(question)]}: {fault}" for fault in _question_faults(question, form))
    yield from _card_faults(form)
    yield from _filter_faults(form, places)
    yield from _routing_faults(form, places)
    yield from _ending_faults(form)


def _placed(form: Questionnaire) -> list[tuple[Section, Question]]:
    return [(section, question) for section in form.sections for question in section.questions]


def _name_faults(what: str, name: Any) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield (
            f"{what} {name!r} can't name a column in every format; "
            "begin with a letter and go on with letters, digits, '_', '-' or '.'."
        )
    elif len(name) > NAME_LIMIT:
        yield f"{what} '{name[:20]}…' has {len(name)} characters; {NAME_LIMIT} are allowed."
    elif name.casefold() in _RESERVED:
        yield f"{what} '{name}' is used by form apps for themselves; choose another."


def _text_faults(what: str, words: Any, limit: int, form: Questionnaire, needed: bool = True) -> Iterator[str]:
    """Faults of one text: a language missing, too long, or characters that break a file or a form."""
    if not isinstance(words, (str, Mapping)):
        yield f'{what}: {words!r} is not a text; give {{"en": "…"}}.'
        return
    given = {language: words if isinstance(words, str) else words.get(language, "") for language in form.languages}
    if not needed and not any(given.values()):
        return
    for language, text in given.items():
        if not isinstance(text, str):
            yield f"{what} ({language}): {text!r} is not a text."
        elif not text.strip():
            yield f"{what}: the words in '{language}' are missing."
        elif len(text) > limit:
            more = "; say the rest in the hint or the section's lead" if limit == LABEL_LIMIT else ""
            yield f"{what} ({language}) has {len(text)} characters; {limit} are allowed{more}."
        elif _CONTROL.search(text):
            sign = _CONTROL.findall(text)[0]
            yield f"{what} ({language}) holds the control character U+{ord(sign):04X}; delete it."
        elif "${" in text:
            yield f"{what} ({language}) holds '${{', which form apps replace by an answer; write it in another way."


def _duplicates(form: Questionnaire, places: Mapping[int, str]) -> Iterator[str]:
    """Names that occur twice; capitals don't tell two columns apart in SPSS, databases and form apps."""
    used = [(section.name, f"section '{section.name}'") for section in form.sections]
    for question in form.questions:
        named = [question.name] if question.kind in ("points", "note") else []
        used += [(name, places[id(question)]) for name in [*named, *question.columns]]
    first: dict[str, str] = {}
    for name, place in used:
        if str(name).casefold() in first:
            yield f"{place}: the name '{name}' is taken by {first[str(name).casefold()]}; give every column its own."
        first.setdefault(str(name).casefold(), place)


def _section_faults(section: Section, form: Questionnaire) -> Iterator[str]:
    place = f"section '{section.name}'"
    yield from (f"{place}: {fault}" for fault in _name_faults("the name", section.name))
    yield from (f"{place}: {fault}" for fault in _text_faults("label", section.label, LABEL_LIMIT, form))
    yield from (f"{place}: {fault}" for fault in _text_faults("lead", section.lead, LEAD_LIMIT, form, needed=False))
    if form.questions and not section.questions:
        yield f"{place}: it has no question; remove it or give it one."


def _question_faults(question: Question, form: Questionnaire) -> Iterator[str]:
    yield from _name_faults("the name", question.name)
    if question.kind not in get_args(QuestionKind):
        yield f"kind={question.kind!r} is not known; use {', '.join(get_args(QuestionKind))}."
        return
    yield from _text_faults("label", question.label, LEAD_LIMIT if question.kind == "note" else LABEL_LIMIT, form)
    yield from _text_faults("hint", question.hint, LEAD_LIMIT, form, needed=False)
    yield from _text_faults("unit", question.unit, LABEL_LIMIT, form, needed=False)
    yield from _choice_faults(question, form)
    yield from _number_faults(question)
    yield from _evidence_faults(question)


def _choice_faults(question: Question, form: Questionnaire) -> Iterator[str]:
    if question.kind == "graded":
        if question.scale is None:
            yield "it is graded and has no scale; give scale=Scale(1, 7)."
        else:
            for end in ("low_label", "high_label"):
                words = getattr(question.scale, end)
                yield from _text_faults(f"the scale's {end}", words, LABEL_LIMIT, form, needed=False)
            if question.scale.high <= question.scale.low:
                yield f"its scale runs from {question.scale.low} to {question.scale.high}; the end must be higher."
    if question.kind in ("single", "multiple", "points"):
        if len(question.choices) < (2 if question.kind == "points" else 1):
            yield f"it has no choices; give at least {'two parts' if question.kind == 'points' else 'one'}."
    elif question.choices:
        yield f"a question of kind '{question.kind}' takes no choices; use kind='single' or leave them out."
    for choice in question.choices:
        yield from _text_faults(f"choice '{choice.value}'", choice.label, LABEL_LIMIT, form)
    if question.dont_know is not None:
        yield from _text_faults("dont_know", question.dont_know[1], LABEL_LIMIT, form)
        if question.kind in ("points", "evidence", "note", "text", "date"):
            yield f"a question of kind '{question.kind}' can't keep a code for 'don't know'; leave dont_know out."
    yield from _code_faults(question)


def _code_faults(question: Question) -> Iterator[str]:
    if question.kind == "points":
        for choice in question.choices:
            yield from _name_faults("the column", choice.value)
        return
    seen: set[str] = set()
    for code in question.codes:
        if not isinstance(code, (int, str)) or isinstance(code, bool) or not re.fullmatch(r"[^\s'\"/]+", str(code)):
            instead = re.sub(r"[\s'\"/]+", "_", str(code).strip()).strip("_") if isinstance(code, str) else ""
            more = f" Did you mean '{instead}'? The name as people say it goes into the words." if instead else ""
            yield (
                f"the value {code!r} of a choice must be a whole number or a text without spaces, quotes or slashes.{more}"
            )
        same = str(int(code)) if re.fullmatch(r"\d+", str(code)) else str(code)  # 1 and "01" are one in a spreadsheet
        if same in seen:
            yield f"the value '{code}' stands for two answers; give each its own."
        seen.add(same)


def _number_faults(question: Question) -> Iterator[str]:
    low, high = question.bounds
    if any(bound is not None and not isfinite(bound) for bound in (low, high, question.total)):
        yield "its bounds and its total must be numbers; leave out a bound that is not meant."
        return
    if question.kind == "points" and question.total != int(question.total):
        yield f"its parts are whole numbers and can't add up to {question.total:g}; give a whole total."
    if question.kind == "counted" and any(bound is not None and bound != int(bound) for bound in (low, high)):
        yield f"a count is a whole number; its bounds are {low} to {high}."
    if question.kind not in (*NUMERIC, "points") and (question.minimum is not None or question.maximum is not None):
        yield f"a question of kind '{question.kind}' has no bounds; leave minimum and maximum out."
        return
    if low is not None and high is not None and not low < high:
        yield f"its bounds run from {low:g} to {high:g}; the upper one must be higher."
    if question.kind in NUMERIC and question.dont_know is not None:
        code = question.dont_know[0]
        if not isinstance(code, int) or isinstance(code, bool):
            yield f"the code {code!r} for 'don't know' must be a number, since the answer is one."
        elif (low is None or code >= low) and (high is None or code <= high):
            yield f"the code {code} for 'don't know' is also a possible answer; set maximum, or choose another code."


def _evidence_faults(question: Question) -> Iterator[str]:
    unknown = [kind for kind in question.evidence if kind not in get_args(Evidence)]
    if unknown:
        yield f"evidence {unknown[0]!r} is not known; use {', '.join(get_args(Evidence))}."
    if question.kind == "evidence" and len(question.evidence) != 1:
        yield "a question of kind 'evidence' collects one thing; give evidence=('photo',), for example."
    if question.kind == "note" and (question.evidence or question.required):
        yield "a note is only read; it can't be required or collect evidence."


def _card_faults(form: Questionnaire) -> Iterator[str]:
    """Cards that would have to show two sets of answers."""
    cards: dict[str, Question] = {}
    for question in form.questions:
        if not question.show_card:
            continue
        if question.kind not in CHOSEN:
            yield f"question '{question.name}': a show card needs answers to tick; leave show_card out."
        first = cards.setdefault(question.show_card, question)
        if first.answers != question.answers:
            yield (
                f"question '{question.name}': show card '{question.show_card}' already shows the answers "
                f"of '{first.name}', which differ; name another card."
            )


def _filter_faults(form: Questionnaire, places: Mapping[int, str]) -> Iterator[str]:
    """Choices that are offered under an answer to another question, where that can't be."""
    placed = _placed(form)
    for at, (section, question) in enumerate(placed):
        place, name = places[id(question)], question.filter_by
        within = [choice for choice in question.choices if choice.within is not None]
        if not name:
            if within:
                yield f"{place}: choice '{within[0].value}' lies within '{within[0].within}'; say of which question: filter_by=…"
            continue
        if question.kind not in ("single", "multiple"):
            yield f"{place}: a question of kind '{question.kind}' has no choices to filter; leave filter_by out."
            continue
        before = [(other, each) for other, each in placed[:at] if each.name == name]
        if not before or before[0][1].kind != "single" or (before[0][0].repeat and before[0][0] is not section):
            yield f"{place}: filter_by='{name}' is no question of kind 'single' that is asked before; name one."
            continue
        codes = {str(code) for code in before[0][1].codes}
        lost = [choice for choice in question.choices if choice.within is None or str(choice.within) not in codes]
        if lost:
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            yield (
                f"{place}: choice '{lost[0].value}'{more} lies within {lost[0].within!r}, which is no answer to '{name}'; "
                "it would never be offered."
            )


# --- routing -----------------------------------------------------------------------------------------------


def _routing_faults(form: Questionnaire, places: Mapping[int, str]) -> Iterator[str]:
    order = {question.name: k for k, question in reversed(list(enumerate(form.questions)))}
    repeated = {question.name: section.name for section, question in _placed(form) if section.repeat}
    needs: dict[str, list[str]] = {}
    for section, question in _placed(form):
        place = places[id(question)]
        conditions = [condition for condition in (section.relevant, question.relevant) if condition is not None]
        needs.setdefault(question.name, [condition.question for condition in conditions])
        for condition in conditions:
            yield from (f"{place}: {fault}" for fault in _condition_faults(condition, form))
            outside = repeated.get(condition.question) not in (None, section.name)
            if outside or (condition is section.relevant and repeated.get(condition.question) == section.name):
                yield f"{place}: '{condition.question}' is asked several times; a condition can't tell which time."
    loops = list(_loops(needs))
    for loop in loops:
        yield f"routing loop: {' → '.join(loop)}; nobody would ever be asked. Remove one of these conditions."
    looped = {frozenset(pair) for loop in loops for pair in pairwise(loop)}
    for question in form.questions:
        for name in needs[question.name]:
            if order.get(name, -1) > order[question.name] and frozenset((question.name, name)) not in looped:
                yield (
                    f"{places[id(question)]}: asked after an answer to '{name}', which comes later "
                    f"({question.name} → {name}). Ask '{name}' first."
                )


def _condition_faults(condition: Condition, form: Questionnaire) -> Iterator[str]:
    asked = [question for question in form.questions if question.name == condition.question]
    if not asked:
        yield f"asked after an answer to '{condition.question}', which is no question of this form."
        return
    question, ranged = asked[0], condition.low is not None or condition.high is not None
    if any(bound is not None and not isfinite(bound) for bound in (condition.low, condition.high)):
        yield f"the condition on '{condition.question}' has a bound that is no number."
        return
    if ranged == bool(condition.values):
        yield f"the condition on '{condition.question}' needs either values, or low and high."
    elif ranged and question.kind not in ("graded", *NUMERIC):
        yield f"'{condition.question}' is no number; give the condition values instead of low and high."
    elif condition.values and question.kind not in CHOSEN:
        yield f"'{condition.question}' offers no answers to tick; give the condition low or high."
    elif condition.low is not None and condition.high is not None and condition.low > condition.high:
        yield f"the condition on '{condition.question}' runs from {condition.low:g} to {condition.high:g}."
    for value in condition.values if question.kind in CHOSEN else ():
        if value not in question.codes:
            known = ", ".join(map(str, question.codes))
            yield f"'{condition.question}' has no answer {value!r}; it has: {known}."


def _loops(needs: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Chains of conditions that lead back to their beginning, each once."""
    found: set[frozenset[str]] = set()
    done: set[str] = set()
    for start in needs:
        trail: list[str] = []
        ahead: list[Iterator[str]] = [iter([start])]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                ahead.pop()
                if trail:
                    done.add(trail.pop())
            elif name in trail:
                loop = [*trail[trail.index(name) :], name]
                if frozenset(loop) not in found:
                    found.add(frozenset(loop))
                    yield loop
            elif name in needs and name not in done:
                trail.append(name)
                ahead.append(iter(needs[name]))


def _ending_faults(form: Questionnaire) -> Iterator[str]:
    for condition in form.screening:
        yield from (f"screening: {fault}" for fault in _condition_faults(condition, form))
    if not form.disposition:
        if form.interviews:
            yield "interviews lists values, but no question is named as the disposition."
        return
    asked = [question for question in form.questions if question.name == form.disposition]
    if not asked or asked[0].kind != "single":
        yield f"disposition '{form.disposition}' must be a question of kind 'single'."
        return
    unknown = [value for value in form.interviews if value not in asked[0].codes]
    if unknown or not form.interviews:
        yield f"interviews must list answers of '{form.disposition}'; it has: {', '.join(map(str, asked[0].codes))}."
