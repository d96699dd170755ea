"""What was said, by whom, and how was it coded? Statements of focus groups, checked once against the code frame.

A coder's blank cell and a coder's "none applies" are two things: the first says that this coder did not code the statement, the
second that no code fits. Sentiment, suggestions and what is demand and what is the present state come from people who read
the statement, never from a list of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import label_key, plain_id, text_of
from servqual.focus.code_frame import NONE, CodeFrame, load_code_frame
from servqual.privacy import mask_personal_data
from servqual.responses import Faults, Ledger, PersonalDataRule
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.table import HEADER_REPEATED, Source, read_table
from survey_design.focus_groups import SEGMENTS
from survey_design.results import Column, Language, Text, is_missing, say

Array = NDArray[Any]
Unit = Literal["code", "dimension"]

# What the columns are called, first as ours; any of them is found without being named.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "statement": ("statement", "statement_id", "utterance_id", "id", "语句", "语句编号", "发言编号", "编号"),
    "session": ("session", "session_id", "座谈会", "场次", "场次编号"),
    "speaker": ("speaker", "speaker_id", "participant", "发言人", "参与者", "发言者"),
    "segment": ("segment", "客户细分", "细分", "客户类型"),
    "city": ("city", "城市"),
    "language": ("language", "语言"),
    "text": ("text", "utterance", "said", "原话", "发言", "内容", "发言内容"),
    "coder": ("coder", "coder_id", "编码员"),
    "codes": ("codes", "code", "编码"),
    "sentiment": ("sentiment", "情感", "情感倾向", "评价"),
    "suggestion": ("suggestion", "is_suggestion", "建议", "是否建议"),
    "aspect": ("aspect", "方面", "需求或现状"),
}
LABELS: Mapping[str, Text] = {
    "statement": {"en": "statement", "zh": "语句"},
    "session": {"en": "session", "zh": "场次"},
    "speaker": {"en": "speaker", "zh": "发言人"},
    "segment": {"en": "segment", "zh": "客户细分"},
    "city": {"en": "city", "zh": "城市"},
    "language": {"en": "language", "zh": "语言"},
    "text": {"en": "what was said", "zh": "原话"},
    "suggestion": {"en": "suggestion", "zh": "建议"},
    "aspect": {"en": "demand or present state", "zh": "需求或现状"},
}
ASPECTS: Mapping[str, Text] = {
    "demand": {"en": "demand", "zh": "需求"},
    "actual": {"en": "present state", "zh": "现状"},
}
SENTIMENTS: Mapping[int, Text] = {
    -1: {"en": "negative", "zh": "负面"},
    0: {"en": "neutral", "zh": "中性"},
    1: {"en": "positive", "zh": "正面"},
}
LANGUAGES: Mapping[str, Text] = {"en": {"en": "English", "zh": "英语"}, "zh": {"en": "Chinese", "zh": "中文"}}
STEPS: Mapping[str, Text] = {
    "read": {"en": "statements read", "zh": "读入语句数"},
    HEADER_REPEATED: {"en": "header repeated", "zh": "重复的表头"},
    "no session": {"en": "no session named", "zh": "未注明场次"},
    "no text": {"en": "no text", "zh": "无文字内容"},
    "duplicate": {"en": "statement seen before", "zh": "语句重复"},
    "kept": {"en": "statements kept", "zh": "保留语句数"},
    "asked": {"en": "codings possible: statements kept × coders", "zh": "应有编码：保留语句 × 编码员"},
    "given": {"en": "coded", "zh": "已编码"},
    "none": {"en": "no code applies", "zh": "无适用编码"},
    "blank": {"en": "not coded by this coder", "zh": "该编码员未编码"},
    "unknown": {"en": "no known code, set aside", "zh": "无已知编码，已搁置"},
}
RULES = ("any", "most", "all")  # whose codes count
NAMELESS = "coder"  # who coded where the file does not say

_YES, _NO = {"yes", "y", "true", "1", "1.0", "是", "有", "√"}, {"no", "n", "false", "0", "0.0", "否", "无", "×"}
_SENTIMENT_WORDS = {-1: ("-1", "-1.0", "−1", "负", "不满"), 0: ("0", "0.0", "中"), 1: ("1", "1.0", "+1", "正", "满意")}
_LONG = 20  # signs that nobody says twice by chance; shorter words may come again under an id of their own
_CASES = ["file", "row", "statement", "column", "value", "problem"]
_OF_STATEMENT = ("statement", "session", "speaker", "segment", "city", "language", "text", "suggestion", "aspect")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
# A coder's own column: codes_ann, 编码：甲, 编码（乙）, 编码甲, 编码员2, codes1.
_PER_CODER = re.compile(
    r"(?P<kind>codes?|coder|编码员?|sentiment|情感(?:倾向)?)"
    r"(?:[_\s:：\-]+(?P<apart>[^()（）\[\]【】]+)|[_\s]*[(（\[【](?P<inside>.+)[)）\]】]|(?P<close>\d+|[\u4e00-\u9fff]\w{0,3}|(?<=[码员感向])\w{1,4}))",
    re.IGNORECASE,
)
_OF_CODING = re.compile(r"codes?\b|coder|codes?[_\d]|编码|sentiment|情感", re.IGNORECASE)  # how such a heading begins
_NO_CODER = re.compile(
    r"备注|说明|日期|时间|依据|理由|强度|姓名|人数|id|name|note|date|time", re.IGNORECASE
)  # 编码备注 is nobody's


@dataclass(frozen=True, eq=False, repr=False)
class StatementLedger(Ledger):
    """Where every statement and every coding went. Frame columns: ``part, step, n``.

    Statements read = statements set aside for each reason + statements kept; codings possible = coded + no code applies + not
    coded + set aside.
    """

    def title(self) -> str:
        return (
            f"语句去向台账：{self.source_name}"
            if self.language == "zh"
            else f"Ledger of statements: {self.source_name}"
        )

    def columns(self) -> tuple[Column, ...]:
        parts = {"rows": {"en": "statements", "zh": "语句"}, "answers": {"en": "codings", "zh": "编码"}}
        return (
            Column("part", {"en": "of", "zh": "对象"}, "text", parts),
            Column("step", {"en": "step", "zh": "步骤"}, "text", STEPS),
            Column("n", {"en": "n", "zh": "数量"}, "count"),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "读入语句数 = 各项搁置 + 保留语句数；应有编码 = 已编码 + 无适用编码 + 未编码 + 已搁置。"
        return (
            "Statements read = statements set aside for each reason + statements kept; codings possible = coded + no code "
            "applies + not coded + set aside."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Statements:
    """What was said in the sessions, and how it was coded.

    Attributes
    ----------
    frame : one row a statement: ``statement, session, speaker, segment, city, language, text, suggestion`` (True, False or None),
        ``aspect`` ("demand", "actual" or None), then the file's further columns
    code_frame : CodeFrame
    coders : who coded, in the order of the file
    votes : (n, codes, coders) True where a coder gave a code
    judged : (n, coders) True where a coder coded the statement, if only to say that no code applies
    sentiments : (n, coders + readers) −1, 0, 1 by people who read the statement, nan where nobody said
    readers : who said only how a statement is meant, and coded nothing: a column of sentiments that names nobody, for one
    cases : ``file, row, statement, column, value, problem`` of every fault that was set aside
    set_aside : the rows that are not in ``frame``, with ``fate``
    ledger : StatementLedger
    source : file name, SHA-256, encoding
    masked : cells in which personal data were masked
    remarks : what else must be known about the reading
    """

    frame: pd.DataFrame
    code_frame: CodeFrame
    coders: tuple[str, ...]
    votes: Array
    judged: Array
    sentiments: Array
    cases: pd.DataFrame
    set_aside: pd.DataFrame
    ledger: StatementLedger
    source: Source = field(default_factory=Source)
    masked: int = 0
    remarks: tuple[Text, ...] = ()
    readers: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Statements."""
        return len(self.frame)

    @property
    def language(self) -> Language:
        """The language in which results show themselves."""
        return self.code_frame.language

    @property
    def sessions(self) -> tuple[str, ...]:
        """Sessions in the order in which they stand in the file."""
        return tuple(dict.fromkeys(self.frame["session"]))

    @property
    def codings(self) -> pd.DataFrame:
        """A row for each code that a coder gave: ``statement, coder, code``."""
        row, code, coder = np.nonzero(self.votes)
        ids, names = self.frame["statement"].to_numpy(), [each.id for each in self.code_frame.codes]
        table = pd.DataFrame(
            {"statement": ids[row], "coder": [self.coders[k] for k in coder], "code": [names[k] for k in code]}
        )
        return table

    @cached_property
    def sentiment(self) -> Array:
        """(n,) what most coders said; nan where nobody said anything or they are split."""
        counts = np.stack([(self.sentiments == value).sum(axis=1) for value in SENTIMENTS], axis=1)
        most, times = counts.max(axis=1), (counts == counts.max(axis=1, keepdims=True)).sum(axis=1)
        values = np.array(list(SENTIMENTS), dtype=float)[counts.argmax(axis=1)]
        return np.where((most > 0) & (times == 1), values, np.nan)

    def in_language(self, language: Language) -> Statements:
        """The same statements; results built on them show themselves in this language."""
        return replace(self, code_frame=self.code_frame.in_language(language), ledger=self.ledger.in_language(language))

    def given(self, counted: str = "any", of: Unit = "code") -> tuple[Array, Array]:
        """Which themes each statement bears, and which statements were coded at all.

        Parameters
        ----------
        counted : a code counts if "any" coder gave it, "most" of those who coded the statement (more than half), "all" of them,
            or one coder by name
        of : "code" or "dimension": a dimension is borne where one of its codes is

        Returns
        -------
        (n, themes) bool, (n,) bool
        """
        check_choice("of", of, Unit)
        votes, judged = self.votes, self.judged
        if counted in self.coders:
            k = self.coders.index(counted)
            given, base = np.asarray(votes[:, :, k]), np.asarray(judged[:, k])
        elif counted in RULES:
            told, asked = votes.sum(axis=2), judged.sum(axis=1)[:, None]
            rules: dict[str, Array] = {"any": told > 0, "most": 2 * told > asked, "all": (told == asked) & (told > 0)}
            given, base = rules[counted], np.asarray(judged.any(axis=1))
        else:
            known = ", ".join(repr(name) for name in (*RULES, *self.coders))
            raise SpecError(f"counted={counted!r} is not known. Choose one of {known}.")
        if of == "dimension":
            codes = self.code_frame.codes
            belongs = np.array([[code.dimension == each.id for each in self.code_frame.dimensions] for code in codes])
            given = np.asarray((given.astype(int) @ belongs.astype(int)) > 0)
        return given, base

    def themes_of(self, of: Unit) -> list[str]:
        """Ids of the codes, or of the dimensions."""
        return [each.id for each in (self.code_frame.codes if of == "code" else self.code_frame.dimensions)]

    def column_of(self, name: str) -> Column:
        """The column of a result that shows one of the statements' columns."""
        words: dict[str, Mapping[Any, Text]] = {"segment": SEGMENTS, "language": LANGUAGES, "aspect": ASPECTS}
        return Column(name, LABELS.get(name, {"en": name}), "text", words.get(name, {}))

    def sentence(self) -> str:
        """How much was said, by how many, and who coded it."""
        n, sessions = self.n, len(self.sessions)
        speakers = count_speakers(self.frame)
        coders = len(self.coders)
        if self.language == "zh":
            how = f"{coders} 名编码员" if self.judged.any() else "未经编码"
            return f"{sessions} 场座谈会、{speakers} 位发言人的 {n:,} 条语句，{how}。" + self._more("")
        how = f"coded by {coders} coder{'s' * (coders != 1)}" if self.judged.any() else "not coded"
        return (
            f"{n:,} statement{'s' * (n != 1)} of {speakers} speaker{'s' * (speakers != 1)} in {sessions} "
            f"session{'s' * (sessions != 1)}, {how}."
        ) + self._more(" ")

    def _more(self, glue: str) -> str:
        said = list(self.remarks)
        if self.masked:
            said.append({"en": f"Personal data were masked in {self.masked} cell{'s' * (self.masked != 1)}.",
                         "zh": f"已遮蔽 {self.masked} 个单元格中的个人信息。"})  # fmt: skip
        if len(self.coders) < 2 and self.judged.any():
            said.append({"en": "One coder only: whether others would code alike can't be told.",
                         "zh": "仅一名编码员：无法判断他人是否会作相同编码。"})  # fmt: skip
        return "".join(glue + say(each, self.language) for each in said)

    def __repr__(self) -> str:
        return self.sentence()


# --- reading -----------------------------------------------------------------------------------------------


def read_statements(
    source: str | Path | pd.DataFrame,
    code_frame: CodeFrame | str | Path = "general",
    *,
    columns: Mapping[str, str] | None = None,
    personal_data: PersonalDataRule = "mask",
    faults: Faults = "raise",
    encoding: str | None = None,
    sheet: str | int = 0,
) -> Statements:
    """Statements of focus groups from a file or frame, checked against the code frame.

    Parameters
    ----------
    source : CSV, Excel or a DataFrame. ``session`` and ``text`` must be there; ``statement, speaker, segment, city, language,
        sentiment, suggestion, aspect`` may be, and are found by their usual headings in English and Chinese. Wide: a row a
        statement and a column ``codes_<coder>`` for every coder (or ``codes``; also 编码_甲, 编码（甲）, 编码甲); sentiment by
        ``sentiment_<coder>`` or ``sentiment``, which is nobody's in particular. Long: a row a statement and coder, with a column
        ``coder``. A heading that speaks of codes or sentiment and is not used is named in ``.remarks``
    code_frame : CodeFrame, or what :func:`~servqual.focus.code_frame.load_code_frame` takes
    columns : name in the file -> name here, for headings that are not known
    personal_data : "mask" replaces names and numbers in what was said, and codes speakers who bear names; "keep" does not
    faults : "raise" an error that lists all, or "set aside" and count them
    encoding, sheet : as in :func:`survey_design.files.table.read_table`

    Returns
    -------
    Statements

    Raises
    ------
    DataError
        For every fault at once, with row and column in ``.cases``: a code that is not in the code frame, an empty text, no
        session, a statement that stands twice (its id, or the same words of the same speaker), a cell that is no sentiment,
        no yes or no, no aspect, no known language.

    Notes
    -----
    Several codes in a cell are separated by ``;`` or ``|``. A code is written by its id, by what follows the dot in it, or by
    its label, where that names one code only. "none", "无" or "-" says that no code applies; a blank cell that this coder did
    not code the statement. ``sentiment`` is −1, 0, 1 or negative, neutral, positive (负面、中性、正面), ``aspect`` demand or actual
    (需求、现状). Where no language is given, text with Chinese characters is taken for Chinese.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "session": ["S1", "S1", "S2"], "speaker": ["P1", "P2", "P1"], "segment": "ordinary",
    ...     "text": ["等了四十分钟才轮到我", "Paying was quick", "Please open earlier"],
    ...     "codes_ann": ["payment; timeliness", "payment", "none"], "codes_bo": ["timeliness", "payment", ""]})
    >>> statements = read_statements(table)
    >>> statements
    3 statements of 3 speakers in 2 sessions, coded by 2 coders.
    >>> statements.codings["code"].tolist()[:2], statements.frame["language"].tolist()
    (['service_functions.payment', 'service_elements.timeliness'], ['zh', 'en', 'en'])
    """  # fmt: skip
    check_choice("faults", faults, Faults)
    check_choice("personal_data", personal_data, PersonalDataRule)
    codes = code_frame if isinstance(code_frame, CodeFrame) else load_code_frame(code_frame)
    if isinstance(source, pd.DataFrame):
        frame, told = source.copy(), Source(n_raw=len(source))
    elif Path(source).suffix.lower() == ".qdpx":
        raise SpecError(
            f"{Path(source).name} is a project of coding software: read it with servqual.focus.read_qdpx()."
        )
    else:
        frame, told = read_table(Path(source), encoding=encoding, sheet=sheet)
    check = _Check(frame, columns or {}, told, codes)
    check.read_rows(personal_data)
    check.read_words()
    check.read_codings()
    return check.statements(faults)


def names_by_heading(
    frame: pd.DataFrame, columns: Mapping[str, str], headings: Mapping[str, Sequence[str]], where: str
) -> dict[Any, str]:
    """Name in the file -> name here: as told, else by the usual headings; a column is taken once.

    >>> names_by_heading(pd.DataFrame(columns=["场次", "Text"]), {}, HEADINGS, "the statements")
    {'场次': 'session', 'Text': 'text'}
    """
    _check_direction(columns, frame.columns, headings)
    check_columns(columns, frame.columns, where)
    names = dict(columns)
    taken = {*names.values(), *(str(name) for name in frame.columns if str(name) in headings)}
    for ours, known in headings.items():
        keys = {label_key(heading) for heading in known}
        hit = next((name for name in frame.columns if label_key(name) in keys and name not in names), None)
        if hit is not None and ours not in taken:
            names[hit] = ours
            taken.add(ours)
    return names


def _check_direction(columns: Mapping[str, str], present: Iterable[Any], known: Iterable[str]) -> None:
    """Refuse ``columns=`` that is written the wrong way round, and write it right.

    >>> _check_direction({"text": "说了什么"}, ["说了什么"], ["text"])
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: columns= goes from the file's name to ours: write columns={'说了什么': 'text'}.
    """
    here, ours = {str(name) for name in present}, set(known)
    turned = {theirs: name for name, theirs in columns.items() if name in ours - here and theirs in here}
    if turned:
        raise SpecError(f"columns= goes from the file's name to ours: write columns={turned!r}.")


def _names_of(frame: pd.DataFrame, columns: Mapping[str, str]) -> dict[Any, str]:
    """Name in the file -> ours: as told, else by the usual headings; per coder: codes_<coder>, sentiment_<coder>."""
    names = names_by_heading(frame, columns, HEADINGS, "the table of statements")
    usual = {label_key(word) for words in HEADINGS.values() for word in words}
    for name in frame.columns:
        found = _PER_CODER.fullmatch(" ".join(str(name).split()))
        if not found or name in names or label_key(name) in usual or _NO_CODER.search(str(name)):
            continue
        coder = next(part for part in found.group("apart", "inside", "close") if part).strip()
        kind = "sentiment" if found["kind"].lower().startswith(("sentiment", "情感")) else "codes"
        names[name] = f"{kind}_{coder}"
    ours = [names.get(name, str(name)) for name in frame.columns]
    twice = {theirs: name for theirs, name in zip(map(str, frame.columns), ours, strict=True) if ours.count(name) > 1}
    if twice:
        listed = ", ".join(map(repr, twice))
        raise SpecError(
            f"the columns {listed} mean the same ({', '.join(dict.fromkeys(twice.values()))}). Keep one, or name them apart."
        )
    return names


class _Check:
    """The rows of a file on their way to statements; every step writes down what it finds.

    Attributes
    ----------
    rows : a row a statement, columns under our names
    heading : our name of a column -> the file's, for messages
    at : (lines,) the statement that each line of the file belongs to
    fate : (statements,) what becomes of each
    """

    def __init__(self, frame: pd.DataFrame, columns: Mapping[str, str], source: Source, codes: CodeFrame) -> None:
        self.name = source.name if source.sha256 else "the table of statements"
        names = _names_of(frame, columns)
        lines = frame.rename(columns=names)
        self.heading = {ours: str(theirs) for theirs, ours in names.items()}
        self._check_needed(lines)
        self.lines, self.source, self.codes = lines.reset_index(drop=True), source, codes
        self.own = np.asarray(source.rows if source.rows is not None else range(2, len(lines) + 2))
        self.found: list[dict[str, Any]] = []
        self.masked = 0

    def _check_needed(self, lines: pd.DataFrame) -> None:
        """Refuse a table without sessions or words, in the file's own headings, and say how to name them."""
        theirs = [self.heading.get(str(name), str(name)) for name in lines.columns]
        for name in ("session", "text"):
            if name in lines:
                continue
            try:
                check_columns([name], theirs, self.name)
            except DataError as error:
                hint = f"If it is there under another heading, name it: columns={{'<heading in the file>': '{name}'}}."
                raise DataError(f"{error} {hint}", error.cases) from None

    def read_rows(self, personal_data: PersonalDataRule) -> None:
        """Lines become statements; what can't be one gets its fate."""
        lines, long = self.lines, "coder" in self.lines
        for name in _OF_STATEMENT:
            read = words_in if name == "text" else name_in
            lines[name] = [read(value) for value in lines[name]] if name in lines else None
        lines[list(_OF_STATEMENT)] = lines[list(_OF_STATEMENT)].astype(object)
        if personal_data == "mask":
            spoken = lines[["speaker", "text"]]
            masked, told = mask_personal_data(spoken, respondent="speaker")
            self.masked = int(told.frame["n"].sum())
            lines[["speaker", "text"]] = masked.astype(object)
        named = lines["statement"].notna()
        said = [tuple(row) for row in _spelled(lines[["session", "speaker", "text"]]).to_numpy().tolist()]
        keys = [(row.statement,) if known else words for row, known, words in
                zip(lines.itertuples(), named, said, strict=True)] if long else list(range(len(lines)))  # fmt: skip
        first = (
            pd.Series(range(len(keys)))
            .groupby(pd.Series(keys, dtype=object), sort=False)
            .transform("min")
            .to_numpy(int)
        )
        heads = np.unique(first)
        self.at = np.searchsorted(heads, first)
        self.heads, self.rows = heads, lines.iloc[heads].reset_index(drop=True)
        self.fate = np.full(len(heads), "kept", dtype=object)
        self._name_rows()
        self._fail(self.rows["session"].isna(), "session", "no session", "no session named")
        self._fail(self.rows["text"].isna(), "text", "no text", "empty text")
        again = self.rows["statement"].duplicated()
        self._fail(again, "statement", "duplicate", "id seen before")
        words = _spelled(self.rows[["session", "speaker", "text"]])
        short = words["text"].str.len().lt(_LONG) & self.rows["statement"].isin(lines.loc[named, "statement"])
        self._fail(
            words.duplicated() & ~short, "text", "duplicate", "same words of the same speaker in the same session"
        )
        if long:
            self._compare(lines, first)

    def _name_rows(self) -> None:
        """Ids for statements that have none: the session and a running number."""
        sessions = _spelled(self.rows[["session"]])["session"]
        count = self.rows.groupby(sessions, sort=False).cumcount() + 1
        made = [f"{session}-{k:03d}" for session, k in zip(sessions, count, strict=True)]
        self.rows["statement"] = self.rows["statement"].where(
            self.rows["statement"].notna(), pd.Series(made, dtype=object)
        )

    def _compare(self, lines: pd.DataFrame, first: Array) -> None:
        """Lines of one statement must say the same of it."""
        spelled = _spelled(lines[list(_OF_STATEMENT[1:])])
        for name in _OF_STATEMENT[1:]:
            for k in np.flatnonzero(spelled[name].to_numpy() != spelled[name].to_numpy()[first]):
                self._note(int(k), name, lines[name][k], f"not as in row {self.own[first[k]]} of the same statement")

    def read_words(self) -> None:
        """Language, suggestion, aspect as codes."""
        known: dict[str, dict[str, Any]] = {
            "language": {label_key(word): code for code, text in LANGUAGES.items() for word in (code, *text.values())},
            "suggestion": {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)},
            "aspect": {label_key(word): code for code, text in ASPECTS.items() for word in (code, *text.values())},
        }
        expected = {"language": "en or zh", "suggestion": "yes or no", "aspect": "demand or actual"}
        for name, words in known.items():
            cells = [None if is_missing(value) else words.get(label_key(value), "?") for value in self.rows[name]]
            for k, value in enumerate(cells):
                if value == "?":
                    self._note(int(self.heads[k]), name, self.rows[name][k], f"not {expected[name]}")
            self.rows[name] = pd.Series([None if value == "?" else value for value in cells], dtype=object)
        guessed = ["zh" if _CHINESE.search(str(text)) else "en" for text in self.rows["text"]]
        self.rows["language"] = self.rows["language"].where(
            self.rows["language"].notna(), pd.Series(guessed, dtype=object)
        )

    def read_codings(self) -> None:
        """Who gave which code, who judged what, and what sentiment was seen."""
        cells = list(self._cells())
        self.coders, self.readers = _who(cells)
        taken = [coder for coder in self.coders if coder in RULES]
        if taken:
            raise SpecError(
                f"a coder is called {taken[0]!r}, which names a rule of counting. Give the column another name."
            )
        shape, spellings = (len(self.rows), len(self.codes.codes), len(self.coders)), self.codes.spellings()
        place = {code.id: k for k, code in enumerate(self.codes.codes)}
        self.votes, self.kinds = np.zeros(shape, dtype=bool), np.full((shape[0], shape[2]), "blank", dtype=object)
        signed = (*self.coders, *self.readers)
        self.sentiments = np.full((shape[0], len(signed)), np.nan)
        seen: set[tuple[int, str]] = set()
        for line, coder, column, cell in cells:
            row = int(self.at[line])
            if column.startswith("sentiment"):
                if coder in signed:
                    self.sentiments[row, signed.index(coder)] = self._sentiment(line, column, cell)
                continue
            if coder not in self.coders:
                continue
            k = self.coders.index(coder)
            if (row, coder) in seen:
                self._note(line, column, cell, f"{coder} coded this statement before")
                continue
            seen.add((row, coder))
            given = [part for part in (each.strip() for each in re.split(r"[;；|\n]", cell)) if part]
            if len(given) == 1 and label_key(given[0]) in NONE:
                self.kinds[row, k] = "none"
                continue
            ids = [spellings.get(label_key(part)) for part in given]
            for part, code in zip(given, ids, strict=True):
                if code is None:
                    self._note(line, column, part, f"not in the code frame '{self.codes.name}'")
                else:
                    self.votes[row, place[code], k] = True
            if given:
                self.kinds[row, k] = "given" if any(ids) else "unknown"

    def _cells(self) -> Iterator[tuple[int, str, str, str]]:
        """(line, coder, column, text) of every cell with codes or a sentiment."""
        lines = self.lines
        if "coder" in lines:
            names = [plain_id(" ".join(text_of(value).split())) or NAMELESS for value in lines["coder"]]
            for column in ("codes", "sentiment"):
                if column in lines:
                    yield from ((k, names[k], column, text_of(value)) for k, value in enumerate(lines[column]))
            return
        for column in map(str, lines.columns):
            kind, _, coder = column.partition("_")
            if kind in ("codes", "sentiment") and (coder or column == kind):
                yield from ((k, coder or NAMELESS, column, text_of(value)) for k, value in enumerate(lines[column]))

    def _sentiment(self, line: int, column: str, cell: str) -> float:
        words = {label_key(word): value for value, text in SENTIMENTS.items()
                 for word in (*text.values(), *_SENTIMENT_WORDS[value])}  # fmt: skip
        if cell and label_key(cell) not in words:
            self._note(line, column, cell, "not −1, 0 or 1")
        return words.get(label_key(cell), np.nan) if cell else np.nan

    def _fail(self, where: Any, column: str, fate: str, problem: str) -> None:
        """Sets statements aside for the first reason that applies."""
        for k in np.flatnonzero(np.asarray(where, dtype=bool) & (self.fate == "kept")):
            self.fate[k] = fate
            self._note(int(self.heads[k]), column, self.rows[column][k], problem)

    def _note(self, line: int, column: str, value: Any, problem: str) -> None:
        name = self.rows["statement"][self.at[line]]
        column = self.heading.get(column, column)
        self.found.append({"file": self.source.name, "row": int(self.own[line]), "statement": name, "column": column,
                           "value": text_of(value)[:60], "problem": problem})  # fmt: skip

    def statements(self, faults: Faults) -> Statements:
        """What is kept, what is set aside, and the account of it."""
        cases = pd.DataFrame(self.found, columns=_CASES).sort_values("row", kind="stable", ignore_index=True)
        if faults == "raise" and len(cases):
            raise DataError(cases_in_words(cases, self.name), cases)
        kept = self.fate == "kept"
        if not kept.any():
            raise DataError(f"{self.name}: none of its {len(kept)} statements can be used. Look at .cases.", cases)
        used = [name for name in map(str, self.lines.columns) if name not in ("coder", "codes", "sentiment")
                and not name.startswith(("codes_", "sentiment_"))]  # fmt: skip
        order = [*_OF_STATEMENT, *(name for name in used if name not in _OF_STATEMENT)]
        table = self.rows[order].copy()
        for column in _OF_STATEMENT:
            cells = [None if is_missing(value) else value for value in table[column]]
            table[column] = pd.Series(cells, dtype=object, index=table.index)
        return Statements(
            table[kept].reset_index(drop=True), self.codes, self.coders, self.votes[kept],
            np.isin(self.kinds[kept], ["given", "none"]), self.sentiments[kept], cases,
            table[~kept].assign(fate=self.fate[~kept]).reset_index(drop=True), self._ledger(kept), self.source, self.masked,
            self._unused(), self.readers,
        )  # fmt: skip

    def _unused(self) -> tuple[Text, ...]:
        """That a heading speaks of codes or sentiment and nothing was read from it."""
        long = "coder" in self.lines
        own = {"coder", "codes", "sentiment"}
        left = [self.heading.get(name, name) for name in map(str, self.lines.columns)
                if (long if name.startswith(("codes_", "sentiment_")) else name not in own and _OF_CODING.match(name))]  # fmt: skip
        if not left:
            return ()
        listed = {"en": ", ".join(map(repr, left)), "zh": "、".join(f"“{name}”" for name in left)}
        return ({"en": f"Not read as codes or sentiment: {listed['en']}. Name them with columns= if they are.",
                 "zh": f"以下列未作为编码或情感读取：{listed['zh']}；若应读取，请用 columns= 指明。"},)  # fmt: skip

    def _ledger(self, kept: Array) -> StatementLedger:
        again = self.source.n_header_repeated
        lines = [("rows", "read", len(kept) + again), *([("rows", HEADER_REPEATED, again)] if again else [])]
        lines += [
            ("rows", fate, int((self.fate == fate).sum())) for fate in ("no session", "no text", "duplicate", "kept")
        ]
        kinds = {kind: int((self.kinds[kept] == kind).sum()) for kind in ("given", "none", "blank", "unknown")}
        lines += [("answers", "asked", sum(kinds.values())), *(("answers", *each) for each in kinds.items())]
        frame = pd.DataFrame(lines, columns=["part", "step", "n"])
        return StatementLedger(frame, self.codes.language, source_name=self.source.name)


def _who(cells: Sequence[tuple[int, str, str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who coded, and who said only how statements are meant. Nobody in particular is a coder only where a code stands."""
    coded = dict.fromkeys(coder for _, coder, column, cell in cells
                          if column.startswith("codes") and (coder != NAMELESS or cell))  # fmt: skip
    alone = not coded and any(column.startswith("codes") for _, _, column, _ in cells)
    coders = (NAMELESS,) if alone else tuple(coded)
    signed = dict.fromkeys(coder for _, coder, column, cell in cells if column.startswith("sentiment") and cell)
    return coders, tuple(name for name in signed if name not in coders)


def _spelled(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells as texts that can be compared, blank ones alike."""
    return cells.apply(lambda column: pd.Series(["" if is_missing(v) else str(v) for v in column], dtype=object))


def name_in(value: Any) -> str | None:
    """A cell that names something, in one spelling; None where it is blank."""
    return plain_id(" ".join(text_of(_CONTROL.sub("", text_of(value))).split())) or None


def words_in(value: Any) -> str | None:
    """What was said, with its own signs, but for control characters and white space around; None where it is blank."""
    words = "" if is_missing(value) else str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", words).strip() or None


def cases_in_words(cases: pd.DataFrame, name: str) -> str:
    """All faults by column and problem, with the rows of the first of them."""
    parts = []
    for (column, problem), group in cases.groupby(["column", "problem"], sort=False):
        rows = ", ".join(str(row) for row in group["row"].head(5)) + (", …" if len(group) > 5 else "")
        values = list(dict.fromkeys(value for value in group["value"] if value))[:3]
        such = f": {', '.join(map(repr, values))}" if values else ""
        parts.append(f"{column}: {problem}{such} (row{'s' * (len(group) > 1)} {rows})")
    return (
        f"{name}: {len(cases)} cell{'s' * (len(cases) != 1)} can't be used: {'; '.join(parts)}. Correct them, or pass "
        "faults='set aside'; .cases lists all."
    )


def count_speakers(rows: pd.DataFrame) -> int:
    """How many people said these statements; nobody knows who a statement without a speaker is by."""
    return len(rows.loc[rows["speaker"].notna(), ["session", "speaker"]].drop_duplicates())


def base_words(statements: Statements, counted: str, base: Sequence[int]) -> Text:
    """What was counted, and on which base, in both languages. ``base``: statements, speakers, sessions."""
    rules: Mapping[str, Text] = {
        "any": {"en": "a code counts if any coder gave it", "zh": "任一编码员给出即计入"},
        "most": {"en": "a code counts if more than half of the coders gave it", "zh": "过半编码员给出才计入"},
        "all": {"en": "a code counts if all coders gave it", "zh": "全部编码员给出才计入"},
    }
    rule = {"en": "", "zh": ""} if len(statements.coders) < 2 else rules.get(
        counted, {"en": f"codes of {counted}", "zh": f"仅计 {counted} 的编码"})  # fmt: skip
    n, speakers, sessions = base
    en = (
        f"{n:,} coded statement{'s' * (n != 1)} of {speakers:,} speaker{'s' * (speakers != 1)} in {sessions} "
        f"session{'s' * (sessions != 1)}"
    )
    zh = f"{sessions} 场座谈会、{speakers:,} 位发言人的 {n:,} 条已编码语句"
    return {"en": "; ".join(filter(None, [en, rule["en"]])), "zh": "；".join(filter(None, [zh, rule["zh"]]))}
