"""Which tool wrote this export, and which question does each of its columns answer? Four kinds of files, told by their columns."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

import pandas as pd

from survey_design.errors import DataError
from survey_design.questionnaire import Question, Questionnaire, Section
from survey_design.results import Text, say

FormOf = Literal["auto", "xlsform", "wjx", "limesurvey", "qualtrics"]
Tool = Literal["xlsform", "wjx", "limesurvey", "qualtrics"]

_NEAR = 0.75  # from this likeness on, two texts may be the same with a slip of the pen
TWICE = "heading occurs twice"  # the problem of such cells, as reading a file says it
_DASHES = re.compile(r"[\u2010-\u2015\u2212\uff0d]")
_NUMBERED = re.compile(r"第\s*(\d+)\s*题\s*[、.:]?\s*(.*)|(\d+)\s*[、.:]\s*(.*)|(\d+)\s*(\(.*)", re.DOTALL)
_PART = re.compile(r"(.+?)(?:\[[A-Za-z]*\d+\]|_\d+)")
_CODED = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\[[^\]]*\])*\.\s+")


@dataclass(frozen=True)
class Export:
    """What is known of a tool's exports.

    Attributes
    ----------
    label : what the tool is called
    signs : sets of columns; a file with all columns of one of them was written by this tool
    roles : column -> what it tells: id, start, end, seconds, status, finished, language, review, test, index, parent
    personal : columns that tell who or where a respondent is; they are never kept
    other : further columns of the tool's own, of no use here
    """

    label: Text
    signs: tuple[frozenset[str], ...]
    roles: Mapping[str, str]
    personal: frozenset[str]
    other: frozenset[str] = field(default_factory=frozenset)

    def knows(self, column: str) -> bool:
        """True if the column is the tool's own."""
        return column in self.roles or column in self.personal or column in self.other


def _columns(*lists: str) -> frozenset[str]:
    return frozenset(name.strip().casefold() for listed in lists for name in listed.split(";"))


EXPORTS: Mapping[Tool, Export] = {
    "xlsform": Export(
        {"en": "KoboToolbox or ODK", "zh": "KoboToolbox 或 ODK"},
        (_columns("_uuid"), _columns("_submission_time"), _columns("instanceid"), _columns("meta/instanceid"),
         _columns("meta-instanceid"), _columns("key; submissiondate"), _columns("formhub/uuid"),
         _columns("_id; _index")),
        {"_uuid": "id", "meta/instanceid": "id", "meta-instanceid": "id", "instanceid": "id", "key": "id", "_id": "number",
         "start": "start", "end": "end", "submissiondate": "submitted", "_submission_time": "submitted",
         "_validation_status": "review", "reviewstate": "review", "_index": "index", "test": "test",
         "_parent_index": "parent index", "parent_key": "parent", "_submission__uuid": "parent",
         "_submission__id": "parent number"},
        _columns("deviceid; username; phonenumber; phone_number; subscriberid; simserial; email; _submitted_by",
                 "_geolocation; submitterid; submittername; devicename; simid"),
        _columns("_notes; _status; __version__; _version_; _tags; today; formdef_version; _xform_id_string; formversion",
                 "attachmentspresent; attachmentsexpected; status; edits; _attachments; _bamboo_dataset_id; instancename",
                 "meta/instancename; meta-instancename; meta/rootuuid; formhub/uuid; set-of; _parent_table_name; audit",
                 "_submission__submission_time; _submission__validation_status; _submission__notes; meta/deprecatedid",
                 "_submission__status; _submission__submitted_by; _submission___version__; _submission__tags",
                 "meta/audit; meta-audit; isvalidated"),
    ),
    "wjx": Export(
        {"en": "Wenjuanxing (wjx.cn)", "zh": "问卷星"},
        (_columns("序号; 提交答卷时间"), _columns("序号; 所用时间"), _columns("序号; 来自ip"), _columns("答题序号; 提交答卷时间")),
        {"序号": "id", "答题序号": "id", "开始答题时间": "start", "提交答卷时间": "end", "所用时间": "seconds"},
        _columns("来自ip; 来源详情; 微信昵称; 微信头像; openid; 用户id; 填写者; 用户名; 姓名; 手机; 邮箱; 地理位置; 省份; 城市"),
        _columns("来源; 总分; 自定义字段; 答卷状态; 质量标签"),
    ),
    "limesurvey": Export(
        {"en": "LimeSurvey", "zh": "LimeSurvey"},
        (_columns("submitdate; lastpage"), _columns("submitdate; startlanguage"), _columns("date submitted; last page"),
         _columns("date submitted; start language"), _columns("提交日期; 最后一页"), _columns("提交日期; 起始语言")),
        {"id": "id", "response id": "id", "答复id": "id", "submitdate": "finished", "date submitted": "finished",
         "提交日期": "finished", "startdate": "start", "date started": "start", "开始日期": "start", "datestamp": "end",
         "date last action": "end", "上次动作的日期": "end", "interviewtime": "seconds", "total time": "seconds",
         "总时间": "seconds", "startlanguage": "language", "start language": "language", "起始语言": "language"},
        _columns("ipaddr; ip address; ip地址; token; access code; 操作代码; refurl; referrer url; firstname; lastname; email",
                 "first name; last name; email address"),
        _columns("lastpage; last page; 最后一页; seed; 种子"),
    ),
    "qualtrics": Export(
        {"en": "Qualtrics", "zh": "Qualtrics"},
        (_columns("startdate; enddate; recordeddate"), _columns("responseid; recordeddate"),
         _columns("startdate; enddate; finished; progress")),
        {"responseid": "id", "startdate": "start", "enddate": "end", "duration (in seconds)": "seconds",
         "status": "status", "finished": "finished", "userlanguage": "language"},
        _columns("ipaddress; recipientlastname; recipientfirstname; recipientemail; externalreference; externaldatareference",
                 "locationlatitude; locationlongitude; locationaccuracy"),
        _columns("progress; recordeddate; distributionchannel; responseset; q_recaptchascore; q_relevantidduplicate",
                 "q_relevantidduplicatescore; q_relevantidfraudscore; q_relevantidlaststartdate; q_ballotboxstuffing",
                 "q_duplicaterespondent"),
    ),
}  # fmt: skip


_WHO = re.compile(
    r"(?<![a-z])(?:ip|e-?mail|(?:tele|mobile)?-?phone|mobile|openid|wechat|latitude|longitude)(?![a-z])"
    r"|来自ip|ip地址|手机|电话|邮箱|微信|身份证|姓名|住址"
)


def tells_who(name: Any, tool: Tool) -> bool:
    """True if a heading says that the column tells who or where a respondent is, in the words of any tool.

    >>> tells_who("来自IP地址", "wjx"), tells_who("Mobile phone", "xlsform"), tells_who("shipping", "wjx")
    (True, True, False)
    """
    key = column_key(name)
    return key in EXPORTS[tool].personal or _WHO.search(key) is not None


def recognise(columns: Iterable[Any], where: str) -> Tool:
    """The tool that wrote a file with these columns.

    Raises
    ------
    DataError
        If the columns are those of no tool, or of more than one.

    Examples
    --------
    >>> recognise(["序号", "提交答卷时间", "所用时间", "1、性别"], "data.csv")
    'wjx'
    """
    present = {column_key(name) for name in columns}
    found: list[Tool] = [tool for tool, export in EXPORTS.items() if any(sign <= present for sign in export.signs)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(str(name) for name in list(columns)[:12])
    what = (f"the columns are those of {' and '.join(found)}" if found
            else "the columns are those of no export that is known here")  # fmt: skip
    raise DataError(
        f"{where}: {what}. It has: {shown}. Say which it is: form_of='xlsform', 'wjx', 'limesurvey' or 'qualtrics'."
    )


def column_key(name: Any) -> str:
    """A heading in one spelling."""
    return unicodedata.normalize("NFKC", str(name)).strip().strip("\ufeff").casefold()


def wording_key(words: Any) -> str:
    """Words in one spelling, so that a label is found whatever its spaces, dashes, capitals and last full stop.

    >>> wording_key("  Agree —  Completely. ") == wording_key("agree - completely")
    True
    """
    text = unicodedata.normalize("NFKC", _DASHES.sub("-", str(words))).casefold()
    text = re.sub(r"<[^<>]*>|[*_]{2}", " ", text)  # markup that editors of forms leave in
    text = re.sub(r"\s*-\s*", "-", text)
    return " ".join(text.split()).strip(" .。:;,、…?!\"'“”")


# --- which question a column answers -----------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """What a column of the file fills: a column of ours, or (``option``) one answer of several that may be ticked."""

    column: str
    question: Question
    section: Section
    option: Any = None


@dataclass(frozen=True, eq=False)
class Matched:
    """Columns of the file and what they answer; how that was found out, in both languages."""

    targets: Mapping[str, Target]
    unknown: tuple[str, ...]
    remarks: tuple[Text, ...] = ()


def targets_of(questionnaire: Questionnaire, *, repeat: str = "") -> list[Target]:
    """Everything a file may fill, in the order asked; of one repeated section, or of all that are asked once."""
    found = []
    for section in questionnaire.sections:
        if (section.name != repeat) if repeat else section.repeat:
            continue
        for question in section.questions:
            found += [Target(column, question, section) for column in question.columns]
            if question.kind == "multiple":
                found += [Target(question.name, question, section, code) for code in question.codes]
    return found


def match_columns(
    headings: Sequence[str], labels: Mapping[str, str], targets: Sequence[Target], tool: Tool, where: str
) -> Matched:
    """Find out which question each column answers: by name, else by its words, else all of them by their places.

    Parameters
    ----------
    headings : columns of the file that are not the tool's own
    labels : heading -> what a further header row says of it
    targets : what may be filled, as :func:`targets_of` gives it
    tool : whose habits of naming hold
    where : the file's name, for messages

    Raises
    ------
    DataError
        If two columns answer one question, a column may answer several, or no column answers any.
    """
    found = _by_name(headings, targets, tool)
    parts = _by_parts([name for name in headings if name not in found], targets)
    found |= parts
    rest = [name for name in headings if name not in found]
    taken = {id(target) for target in found.values()}
    spoken, doubtful, repeated = _by_words(rest, labels, [t for t in targets if id(t) not in taken], tool)
    found |= spoken
    remarks: list[Text] = [_BY_PARTS] * bool(parts) + [_BY_WORDS] * bool(spoken) + [_REPEATED] * repeated
    if doubtful:
        _refuse_doubtful(doubtful, where)
    if not found:
        found = _by_place(headings, targets)
        remarks = [_BY_PLACE]
    if not found:
        _refuse_nothing(headings, targets, where)
    _refuse_twice(found, where)
    return Matched(found, tuple(name for name in headings if name not in found), tuple(remarks))


_BY_WORDS: Text = {"en": "Columns were matched to questions by their words.", "zh": "部分列按题目文字与问卷对应。"}
_BY_PARTS: Text = {
    "en": "Columns that give one answer each of a question, numbered only, were matched to its answers in order.",
    "zh": "同一题各选项只以编号区分的列，按选项次序对应。",
}
_BY_PLACE: Text = {
    "en": "No column bears the name or the words of a question; as there are as many columns as questions, they were matched "
    "in order. Check the first and the last of them.",
    "zh": "没有一列带有题目的名称或文字；因列数与题数相等，按先后次序对应。请核对首尾各题。",
}
_REPEATED: Text = {
    "en": "Questions with the same words (such as expectations and perceptions) were matched in the order asked.",
    "zh": "文字相同的题目（如期望与感知）按提问的先后次序对应。",
}


def _by_name(headings: Sequence[str], targets: Sequence[Target], tool: Tool) -> dict[str, Target]:
    spell: Callable[[str], str] = _letters if tool == "limesurvey" else column_key
    names: dict[str, Target] = {}
    clash: set[str] = set()
    for target in targets:
        for name in _names(target):
            key = spell(name)
            if key in names and names[key] is not target:
                clash.add(key)
            names.setdefault(key, target)
    found = {}
    for heading in headings:
        ends = _ends(heading) if tool == "xlsform" else [heading]
        known = next((spell(end) for end in ends if spell(end) in names), None)
        if known is not None and known not in clash:
            found[heading] = names[known]
    return found


def _by_parts(headings: Sequence[str], targets: Sequence[Target]) -> dict[str, Target]:
    """Columns such as "items[SQ001]" or "items_1": a question's name and a number, as many as it has answers."""
    numbered: dict[str, list[str]] = defaultdict(list)
    for heading in headings:
        parts = _PART.fullmatch(heading.strip())
        if parts:
            numbered[_letters(parts[1])].append(heading)
    found: dict[str, Target] = {}
    for question in {id(t.question): t.question for t in targets if t.question.kind in ("multiple", "points")}.values():
        own = [t for t in targets if t.question is question and (t.option is not None or question.kind == "points")]
        columns = numbered.get(_letters(question.name), [])
        if len(columns) == len(own):
            found |= dict(zip(columns, own, strict=True))
    return found


def _names(target: Target) -> list[str]:
    if target.option is None:
        return [target.column]
    return [f"{target.column}{sign}{target.option}" for sign in "/.-_[("]


def _letters(name: str) -> str:
    """Letters and digits only: LimeSurvey's codes have no others, and "P[TAN1]" is our "P_TAN1"."""
    return re.sub(r"[\W_]", "", column_key(name))


def _ends(heading: str) -> list[str]:
    """The heading, then without its groups one by one: "visit/page1/minutes", "page1/minutes", "minutes"."""
    return [heading, *(heading[k + 1 :] for k, sign in enumerate(heading) if sign in "/-:.")]


def _by_words(
    headings: Sequence[str], labels: Mapping[str, str], targets: Sequence[Target], tool: Tool
) -> tuple[dict[str, Target], dict[str, list[Target]], bool]:
    """Columns found by words, those that may answer several questions, and whether order had to tell questions apart."""
    spoken = _spoken(targets)
    groups: dict[tuple[Any, ...], list[tuple[str, str]]] = defaultdict(list)
    for heading in headings:
        readings = _readings(labels.get(heading) or heading, tool)
        hit = next((key for _, *key in readings if tuple(key) in spoken), None)
        if hit is not None:
            stem = next(stem for stem, *key in readings if key == hit)
            groups[tuple(hit)].append((heading, stem))
    found: dict[str, Target] = {}
    doubtful: dict[str, list[Target]] = {}
    repeated = False
    for key, columns in groups.items():
        wanted = spoken[key]
        if len(columns) == len(wanted):
            found |= {heading: target for (heading, _), target in zip(columns, wanted, strict=True)}
            repeated |= len(wanted) > 1
            continue
        for heading, stem in columns:
            near = [target for target in wanted if stem and stem in _section_words(target.section)]
            if len(near) == 1:
                found[heading] = near[0]
            else:
                doubtful[heading] = wanted
    rest = [name for name in headings if name not in found and name not in doubtful]
    return found | _by_options(rest, targets), doubtful, repeated


def _spoken(targets: Sequence[Target]) -> dict[tuple[Any, ...], list[Target]]:
    """Words -> what they ask; each target once, in order."""
    spoken: dict[tuple[Any, ...], list[Target]] = defaultdict(list)
    for target in targets:
        for key in dict.fromkeys(_keys(target)):
            spoken[key].append(target)
    return spoken


def _keys(target: Target) -> Iterable[tuple[str, ...]]:
    """The words that name a target: (label,), or (label, answer) where a question fills several columns."""
    question = target.question
    for language in ("en", "zh"):
        label = wording_key(say(question.label, language))
        if target.option is not None:
            words = next(each.label for each in question.options if each.value == target.option)
            yield label, wording_key(say(words, language))
        elif question.kind == "points":
            words = next(each.label for each in question.choices if str(each.value) == target.column)
            yield label, wording_key(say(words, language))
            yield (wording_key(say(words, language)),)
        elif target.column == question.name:
            yield (label,)


def _section_words(section: Section) -> set[str]:
    texts = (section.label, section.lead)
    return {wording_key(say(text, language)) for text in texts for language in ("en", "zh")} - {""}


def _readings(text: str, tool: Tool) -> list[tuple[str, ...]]:
    """Ways to read a heading: (what stands before, label) or (what stands before, label, answer), likeliest first."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if tool == "wjx" and (numbered := _NUMBERED.fullmatch(plain)):
        plain = next((part for part in numbered.group(2, 4, 6) if part), plain)
    if tool == "limesurvey":
        plain = _CODED.sub("", plain, count=1)
    if tool == "qualtrics":
        plain = re.sub(r"\s+-\s+Selected Choice\b", "", plain)
    found: list[tuple[str, ...]] = [("", wording_key(plain))]
    for stem, item in _halves(plain, tool):
        before, behind = wording_key(stem), wording_key(item)
        found += [("", before, behind), (before, behind)]
    return found


def _halves(text: str, tool: Tool) -> Iterable[tuple[str, str]]:
    """Where a heading may be cut into a stem and what is asked of it."""
    if text.endswith((")", "]")):
        opening = text.rfind("(" if text.endswith(")") else "[")
        depth = 0
        for k in range(len(text) - 1, -1, -1):
            depth += (text[k] in ")]") - (text[k] in "([")
            if depth == 0:
                opening = k
                break
        yield text[:opening], text[opening + 1 : -1]
    signs = {
        "wjx": r"\s*(?:[\u2014\u2013:|]+|-+)\s*",
        "qualtrics": r"\s+-\s+",
        "xlsform": r"/",
        "limesurvey": r"\s*[:|]\s*",
    }
    for cut in reversed(list(re.finditer(signs[tool], text))):
        yield text[: cut.start()], text[cut.end() :]


def _by_options(headings: Sequence[str], targets: Sequence[Target]) -> dict[str, Target]:
    """Columns such as "5、(Phone)", which give an answer and the number of its question: found by all answers together."""
    numbered: dict[str, dict[str, str]] = defaultdict(dict)
    for heading in headings:
        parts = _NUMBERED.fullmatch(unicodedata.normalize("NFKC", heading).strip())
        words = next((part for part in parts.group(2, 4, 6) if part), "") if parts else ""
        if parts and words.startswith("(") and words.endswith(")"):
            number = next(part for part in parts.group(1, 3, 5) if part)
            numbered[number][wording_key(words[1:-1])] = heading
    found: dict[str, Target] = {}
    for items in numbered.values():
        fits = []
        for question in {
            id(t.question): t.question for t in targets if t.question.kind in ("multiple", "points")
        }.values():
            own = [t for t in targets if t.question is question and (t.option is not None or question.kind == "points")]
            words = {key[-1]: target for target in own for key in _keys(target)}
            if set(items) <= set(words) and not any(target in own for target in found.values()):
                fits.append(words)
        if fits:
            found |= {heading: fits[0][item] for item, heading in items.items()}
    return found


def _by_place(headings: Sequence[str], targets: Sequence[Target]) -> dict[str, Target]:
    """All columns in order, if there are as many as questions; answers of several in one column, or in one each."""
    asked = [target for target in targets if target.column not in target.question.evidence_columns]
    whole = [target for target in asked if target.option is None]
    split = [target for target in asked if target.option is not None or target.question.kind != "multiple"]
    for wanted in (whole, split):
        if len(headings) == len(wanted):
            return dict(zip(headings, wanted, strict=True))
    return {}


def nearest_heading(question: Question, headings: Iterable[str]) -> str:
    """The heading that comes nearest to a question's name or words, or an empty text where none is near.

    >>> nearest_heading(Question("P_TAN1", "text", {"en": "Clean shop", "zh": "门店整洁"}), ["store", "P-TAN-1", "x"])
    'P-TAN-1'
    >>> nearest_heading(Question("P_TAN1", "text", {"en": "Clean shop", "zh": "门店整洁"}), ["store", "3、Clean shops"])
    '3、Clean shops'
    """
    wanted = [column_key(question.name), *(wording_key(say(question.label, each)) for each in ("en", "zh"))]
    likeness = {}
    for heading in headings:
        keys = {column_key(heading), column_key(heading).replace("-", "/").rsplit("/", 1)[-1]}
        keys |= {each[-1] for tool in EXPORTS for each in _readings(heading, tool)}
        likeness[heading] = max(
            SequenceMatcher(None, word, key).ratio() for word in filter(None, wanted) for key in keys
        )
    best = max(likeness, key=lambda heading: likeness[heading], default="")
    return best if best and likeness[best] >= _NEAR else ""


# --- what can't be decided ---------------------------------------------------------------------------------


def _refuse_doubtful(doubtful: Mapping[str, Sequence[Target]], where: str) -> None:
    rows = [(where, 1, heading, " or ".join(target.column for target in targets), "answers several questions")
            for heading, targets in doubtful.items()]  # fmt: skip
    cases = pd.DataFrame(rows, columns=["file", "row", "column", "value", "problem"])
    shown = "; ".join(f"'{column}' may be {value}" for _, _, column, value, _ in rows[:3])
    raise DataError(
        f"{where}: {len(rows)} columns may answer several questions: {shown}. Export with question names (codes) as headings, "
        "or rename these columns to the questionnaire's names.",
        cases,
    )


def refuse_equal_words(error: DataError, questionnaire: Questionnaire) -> None:
    """Say what to do about equal headings where the form asks the same words several times; else do nothing.

    Raises
    ------
    DataError
        Names the headings and the questions that they may stand for; ``cases`` lists the columns.
    """
    cases = error.cases
    if "problem" not in cases or not cases["problem"].eq(TWICE).all():
        return
    asked: dict[str, dict[str, None]] = defaultdict(dict)  # words -> the names of their questions, in order
    for question in questionnaire.questions:
        for language in ("en", "zh"):
            asked[wording_key(say(question.label, language))][question.name] = None
    readings = {name: asked.get(wording_key(name), {}) for name in cases["column"]}
    shared = {name: " or ".join(names) for name, names in readings.items() if len(names) > 1}
    if not shared:
        return
    shown = "; ".join(f"'{heading}' may be {names}" for heading, names in list(shared.items())[:3])
    more = f"; and {len(shared) - 3} more" if len(shared) > 3 else ""
    raise DataError(
        f"{cases['file'].iloc[0]}: {len(shared)} headings stand over several columns, since the form asks the same words more "
        f"than once: {shown}{more}. Export with group names in the headings, or with values and names (XML) instead of "
        "labels; error.cases lists the columns.",
        cases.assign(value=[shared.get(name, "") for name in cases["column"]]),
    ) from error


def _refuse_nothing(headings: Sequence[str], targets: Sequence[Target], where: str) -> None:
    wanted = list(dict.fromkeys(target.column for target in targets))
    raise DataError(
        f"{where}: no column answers a question of the form. It has: {', '.join(map(str, headings[:8])) or 'none'}; the form "
        f"asks: {', '.join(wanted[:8])}. Is this the right file, and the right questionnaire?"
    )


def _refuse_twice(found: Mapping[str, Target], where: str) -> None:
    filled: dict[tuple[str, Any], list[str]] = defaultdict(list)
    for heading, target in found.items():
        filled[target.column, target.option].append(heading)
    twice = {key: columns for key, columns in filled.items() if len(columns) > 1}
    if not twice:
        return
    rows = [(where, 1, heading, str(column), "two columns answer one question")
            for (column, _), columns in twice.items() for heading in columns]  # fmt: skip
    shown = "; ".join(
        f"{' and '.join(map(repr, columns))} are both '{column}'" for (column, _), columns in twice.items()
    )
    raise DataError(f"{where}: {shown}. Delete or rename one of them.",
                    pd.DataFrame(rows, columns=["file", "row", "column", "value", "problem"]))  # fmt: skip


def role_columns(headings: Iterable[str], tool: Tool) -> dict[str, str]:
    """What a column of the tool's own tells -> its heading; of two that tell the same, the first in the tool's order."""
    by_key = {column_key(name): name for name in headings}
    found: dict[str, str] = {}
    for key, role in EXPORTS[tool].roles.items():
        if key in by_key:
            found.setdefault(role, by_key[key])
    return found
