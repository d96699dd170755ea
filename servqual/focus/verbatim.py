"""Which words are quoted? A digest drawn by lot, not picked; and a keyword in its context."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from servqual.focus.statements import LANGUAGES, Statements, Unit
from servqual.privacy import mask_text
from survey_design.errors import SpecError, check_columns, missing_extra
from survey_design.results import Column, Result, Text, say

_LATIN = re.compile(r"[A-Za-z0-9]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")


# --- a digest ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Digest(Result):
    """Statements drawn by lot. Frame columns: ``theme``, the split column, ``statement, session, speaker, text``, ``of`` (statements
    in this cell), ``chance`` (of each to be drawn)."""

    statements: Statements = None  # type: ignore[assignment]
    by: str | None = None
    each: int = 2
    seed: int = 0

    def title(self) -> str:
        return "原话摘录（随机抽取）" if self.language == "zh" else "What was said, drawn by lot"

    def columns(self) -> tuple[Column, ...]:
        split = () if self.by is None else (self.statements.column_of(self.by),)
        return (
            Column("theme", {"en": "theme", "zh": "主题"}, "text", self.statements.code_frame.words()),
            *split,
            Column("text", {"en": "what was said", "zh": "原话"}),
            Column("session", {"en": "session", "zh": "场次"}),
            Column("of", {"en": "drawn from", "zh": "抽自语句数"}, "count"),
        )

    def note(self) -> str:
        if self.language == "zh":
            return (f"每个主题{'' if self.by is None else '和分组'}随机抽取至多 {self.each} 条（种子 {self.seed}），未经挑选；同一语句可列于多个主题。"
                    "已遮蔽可识别的个人信息，公开前仍请逐条核对。")  # fmt: skip
        where = "theme" if self.by is None else "theme and group"
        return (f"At most {self.each} of each {where}, drawn at random (seed {self.seed}), not picked; a statement with several themes may "
                "stand under each. Personal data that rules find are masked: read before publishing.")  # fmt: skip

    def sentence(self) -> str:
        """How many were drawn from how many."""
        n = self.frame["statement"].nunique()
        total = self.statements.n
        if self.language == "zh":
            return f"从 {total} 条语句中随机抽取 {n} 条。"
        return f"{n} of {total} statements, drawn at random."


def verbatim_digest(
    statements: Statements,
    *,
    seed: int,
    each: int = 2,
    by: str | None = "segment",
    of: Unit = "code",
    counted: str = "any",
) -> Digest:
    """Quotations that nobody picked: so many of each theme and segment, drawn by lot.

    Parameters
    ----------
    statements : Statements
    seed : of the lots; the same seed draws the same statements
    each : statements of each cell, all of them where there are fewer
    by : column whose values are strata beside the themes, or None

    Notes
    -----
    Every statement gets one random number; a cell (theme by segment) shows those with its ``each`` smallest. Within a cell that
    is a simple random sample, each statement with chance ``min(each, N)/N``, and a statement that bears two themes tends to stand
    under both, which keeps the digest short (permanent random numbers, Ohlsson 1995). An analyst who picks "telling" quotations
    picks the loud ones.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> digest = verbatim_digest(read_statements("data/sample/statements.csv"), seed=1, each=1, of="dimension")
    >>> len(digest.frame)  # seven dimensions, two segments
    14
    """
    if isinstance(each, bool) or not isinstance(each, int) or each < 1:
        raise SpecError(f"each={each!r} is not a whole number of 1 or more.")
    check_columns([by] if by else [], statements.frame.columns, "the table of statements")
    given, coded = statements.given(counted, of)
    lots = np.random.default_rng(seed).random(statements.n)
    frame = statements.frame
    strata = [(None, coded)] if by is None else [
        (value, coded & (frame[by] == value).to_numpy()) for value in dict.fromkeys(frame[by].dropna())]  # fmt: skip
    rows: list[dict[str, Any]] = []
    for k, name in enumerate(statements.themes_of(of)):
        for value, mine in strata:
            cell = np.flatnonzero(mine & given[:, k])
            for i in sorted(cell[np.argsort(lots[cell], kind="stable")][:each].tolist()):
                rows.append({"theme": name, **({} if by is None else {by: value}),
                             **{column: frame[column][i] for column in ("statement", "session", "speaker")},
                             "text": mask_text(frame["text"][i]), "of": len(cell), "chance": min(each, len(cell)) / len(cell)})  # fmt: skip
    names = ["theme", *([by] if by else []), "statement", "session", "speaker", "text", "of", "chance"]
    return Digest(
        pd.DataFrame(rows, columns=names), statements.language, statements=statements, by=by, each=each, seed=seed
    )


# --- a keyword in its context ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Concordance(Result):
    """A keyword where it stands. Frame columns: ``statement, session, segment, before, keyword, after``."""

    keyword: str = ""
    n_statements: int = 0

    def title(self) -> str:
        return f"语境中的“{self.keyword}”" if self.language == "zh" else f"'{self.keyword}' in its context"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("before", {"en": "before", "zh": "前文"}),
            Column("keyword", {"en": "keyword", "zh": "关键词"}),
            Column("after", {"en": "after", "zh": "后文"}),
            Column("session", {"en": "session", "zh": "场次"}),
            Column("statement", {"en": "statement", "zh": "语句"}),
        )

    def note(self) -> str:
        return self.sentence()

    def sentence(self) -> str:
        """How often, and in how many statements and sessions."""
        k, n, sessions = len(self.frame), self.frame["statement"].nunique(), self.frame["session"].nunique()
        if self.language == "zh":
            return f"“{self.keyword}”出现 {k} 次：{sessions} 场座谈会的 {n} 条语句（共 {self.n_statements} 条）。"
        return (f"'{self.keyword}' stands {k} time{'s' * (k != 1)} in {n} of {self.n_statements} statements, in {sessions} "
                f"session{'s' * (sessions != 1)}.")  # fmt: skip


def keyword_in_context(
    statements: Statements, keyword: str, *, width: int = 24, whole_words: bool | None = None, words: Sequence[str] = ()
) -> Concordance:
    """Every place where a keyword stands, with what was said before and after it.

    Parameters
    ----------
    statements : Statements
    keyword : a word or a phrase; capitals and full-width letters make no difference
    width : signs of context on either side
    whole_words : True: "pay" is not found in "payment". Without it Latin keywords are whole words and Chinese ones any run of
        characters; True for Chinese needs a word segmenter (``rjieba``)
    words : words of the trade that the segmenter shall keep whole ("开卡费")

    Raises
    ------
    SpecError
        If the keyword is empty, or ``rjieba`` is not installed where it is needed.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> table = pd.DataFrame({"session": "S1", "text": ["I pay here, payment is slow", "排队太久，排队的人多"]})
    >>> said = read_statements(table)
    >>> keyword_in_context(said, "pay").frame[["before", "after"]].values.tolist()
    [['I ', ' here, payment is slow']]
    >>> keyword_in_context(said, "排队", width=3).frame["after"].tolist()
    ['太久，', '的人多']
    """
    wanted = _plain(keyword).strip() if isinstance(keyword, str) else ""
    if not wanted or isinstance(width, bool) or width < 1:
        raise SpecError(f"keyword={keyword!r}, width={width!r}: give a word, and a width of 1 or more.")
    rows: list[dict[str, Any]] = []
    latin = bool(_LATIN.search(wanted))
    frame = statements.frame
    for i, text in enumerate(frame["text"]):
        spoken = " ".join(str(text).split())
        for start, end in _places(spoken, wanted, latin if whole_words is None else whole_words, tuple(words)):
            rows.append({"statement": frame["statement"][i], "session": frame["session"][i], "segment": frame["segment"][i],
                         "before": spoken[max(0, start - width) : start], "keyword": spoken[start:end],
                         "after": spoken[end : end + width]})  # fmt: skip
    names = ["statement", "session", "segment", "before", "keyword", "after"]
    return Concordance(
        pd.DataFrame(rows, columns=names), statements.language, keyword=keyword, n_statements=statements.n
    )


def _plain(text: str) -> str:
    """Folded sign by sign, so that places stay where they are: the text has as many signs as before."""
    folded = (unicodedata.normalize("NFKC", sign).casefold() for sign in text)
    return "".join(new if len(new) == 1 else sign for new, sign in zip(folded, text, strict=True))


def _places(text: str, wanted: str, whole: bool, words: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    plain = _plain(text)
    edges = _edges(plain, words, bool(_CHINESE.search(wanted))) if whole else frozenset()
    at = plain.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not whole or (at in edges and end in edges):
            yield at, end
            at = plain.find(wanted, end)
        else:
            at = plain.find(wanted, at + 1)


def _edges(text: str, words: tuple[str, ...], segmented: bool) -> frozenset[int]:
    """Where words begin and end; Chinese ones only where that is asked for."""
    found = {0, len(text)}
    for match in _WORD.finditer(text):
        found |= set(match.span())
    for match in _CHINESE.finditer(text) if segmented else ():
        cut = _segmenter(words).cut(match[0])
        found |= {match.start() + k for k in np.cumsum([0, *map(len, cut)]).tolist()}
    inner = {b for a, b in pairwise(range(len(text) + 1)) if not text[a].isalnum()}
    return frozenset(found | inner | {k for k, sign in enumerate(text) if not sign.isalnum()})


@cache
def _segmenter(words: tuple[str, ...]) -> Any:
    try:
        import rjieba
    except ModuleNotFoundError as error:
        raise missing_extra("rjieba", "text", "Finding whole Chinese words") from error
    cutter = rjieba.Jieba()
    for word in words:
        cutter.add_word(word, None, None)
    return cutter


# --- words counted -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class WordCounts(Result):
    """Words by how many people used them. Frame columns: ``word, times, statements, speakers, sessions``."""

    spoken: str = "en"
    n_statements: int = 0
    n_all: int = 0

    def title(self) -> str:
        return "用词统计" if self.language == "zh" else "Words used"

    def columns(self) -> tuple[Column, ...]:
        named: dict[str, Text] = {"times": {"en": "times", "zh": "次数"}, "statements": {"en": "statements", "zh": "语句数"},
                                  "speakers": {"en": "speakers", "zh": "发言人数"}, "sessions": {"en": "sessions", "zh": "场次数"}}  # fmt: skip
        return (
            Column("word", {"en": "word", "zh": "词"}),
            *(Column(name, text, "count") for name, text in named.items()),
        )

    def note(self) -> str:
        spoken, n, total = say(LANGUAGES[self.spoken], self.language), self.n_statements, self.n_all
        if self.language == "zh":
            base = (
                f"{total} 条语句中 {n} 条为{spoken}，仅统计这些语句"
                if n
                else f"{total} 条语句中没有{spoken}语句，请用 spoken= 选择另一语言"
            )
            return f"{base}。词频只提示可以查看哪些语境，不是主题，也不代表褒贬。"
        base = f"Counted in the {n} of {total} statements in {spoken}" if n else (
            f"None of {total} statements is in {spoken}: choose the other language with spoken=")  # fmt: skip
        return f"{base}. Counts of words say where to look, not which themes there are, nor whether anybody is pleased."


def word_counts(
    statements: Statements,
    *,
    spoken: str | None = None,
    least: int = 2,
    words: Sequence[str] = (),
    without: Sequence[str] = (),
) -> WordCounts:
    """Which words were used by how many people, in one language.

    Parameters
    ----------
    statements : Statements
    spoken : "en" or "zh": statements of this language; without it the one that most statements are in. Chinese is cut into words by ``rjieba`` (extra ``text``)
    least : words that fewer speakers used are left out
    words : words of the trade that are kept whole
    without : words to leave out (the, of, 的, 了); none is left out by itself. Chinese words of one character never count

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> table = pd.DataFrame(
    ...     {"session": "S1", "speaker": ["a", "b"], "text": ["Waiting is long", "long waiting, long line"]}
    ... )
    >>> word_counts(read_statements(table)).frame[["word", "times", "speakers"]].values.tolist()
    [['long', 3, 2], ['waiting', 2, 2]]
    """
    if spoken is None:
        spoken = str(statements.frame["language"].value_counts(sort=True).index[0])
    if spoken not in LANGUAGES:
        raise SpecError(f"spoken={spoken!r} is not known. Choose one of 'en', 'zh'.")
    left_out = {_plain(word) for word in without}
    said = statements.frame[statements.frame["language"] == spoken]
    rows = [
        (word, statement, (session, speaker), session)
        for statement, session, speaker, text in said[["statement", "session", "speaker", "text"]].to_numpy().tolist()
        for word in _words_in(_plain(text), spoken, tuple(words)) if word not in left_out
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["word", "statement", "speaker", "session"])
    grouped = table.groupby("word", sort=False)
    frame = pd.DataFrame({"times": grouped.size(), "statements": grouped["statement"].nunique(),
                          "speakers": grouped["speaker"].nunique(), "sessions": grouped["session"].nunique()})  # fmt: skip
    frame = frame.rename_axis("word").reset_index()
    frame = frame[frame["speakers"] >= least].sort_values(["speakers", "times", "word"], ascending=[False, False, True],
                                                          ignore_index=True)  # fmt: skip
    return WordCounts(frame, statements.language, spoken=spoken, n_statements=len(said), n_all=statements.n)


def _words_in(text: str, spoken: str, words: tuple[str, ...]) -> list[str]:
    if spoken == "en":
        return _WORD.findall(text)
    parts = [part for run in _CHINESE.findall(text) for part in _segmenter(words).cut(run)]
    return [part for part in parts if len(part) > 1]
