"""Who could be recognised from this file? Names, numbers and addresses of persons: found, shown masked, and masked.

A survey needs answers, not identities. Telephone and identity numbers, e-mail addresses and names come in through
columns that the field kept for its own use, and through open answers ("call me on 138 1234 5678"). What is found is
replaced by a word that says what stood there, ``[phone]``. The word is the same in both languages, so that a masked file
reads alike everywhere; tables translate it.

What has a check digit is tested (identity numbers, bank cards). What only looks personal is masked where it is announced
("微信号: …", "my name is …") or stands under a heading that says so. A pattern never finds everybody: read open answers
before they are published.

References
----------
Personal Information Protection Law of the People's Republic of China (2021), articles 51 and 73; GB/T 35273-2020,
Personal information security specification; GB 11643-1999, Citizen identification number (ISO 7064 MOD 11-2);
ISO/IEC 7812-1 (card numbers); ITU-T E.164 (telephone numbers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import SpecError, check_columns
from survey_design.results import Column, Language, Result, Text, say

Array = NDArray[Any]
Kind = Literal["name", "phone", "id number", "e-mail", "bank card", "account", "address"]

KINDS: Mapping[str, Text] = {
    "name": {"en": "name", "zh": "姓名"},
    "phone": {"en": "phone number", "zh": "电话号码"},
    "id number": {"en": "identity number", "zh": "证件号码"},
    "e-mail": {"en": "e-mail address", "zh": "电子邮箱"},
    "bank card": {"en": "bank card number", "zh": "银行卡号"},
    "account": {"en": "WeChat or QQ account", "zh": "微信或 QQ 号"},
    "address": {"en": "home address", "zh": "住址"},
}
HOW: Mapping[str, Text] = {
    "content": {"en": "by what the cell says", "zh": "依单元格内容"},
    "heading": {"en": "by the column's heading", "zh": "依列标题"},
}
ACTIONS: Mapping[str, Text] = {
    "found": {"en": "found, not changed", "zh": "已发现，未改动"},
    "masked": {"en": "masked", "zh": "已遮蔽"},
    "coded": {"en": "whole column replaced by codes", "zh": "整列已替换为代码"},
}
_EXAMPLE = 60  # characters of an example
_WINDOW = 6  # groups of digits that one number is written in, at the most
_LONG_NUMBER = re.compile(r"[ ()\-]*(?:[0-9][ ()\-]*){11,}")  # "138 1234 5678"; but 1-11 and 11-1 are two respondents
_EXACT = 2**53  # whole numbers beyond are not kept exactly by a spreadsheet or a float


@dataclass(frozen=True, eq=False, repr=False)
class PersonalData(Result):
    """Where personal data stand in a file. Frame columns: ``column, kind, n, example, how, action``.

    ``n`` counts cells; a cell with a name and a number counts for both. Examples are masked.
    """

    n_rows: int = 0

    def title(self) -> str:
        return "个人信息" if self.language == "zh" else "Personal data"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("column", {"en": "column", "zh": "列"}),
            Column("kind", {"en": "kind", "zh": "类别"}, "text", KINDS),
            Column("n", {"en": "cells", "zh": "单元格数"}, "count"),
            Column("example", {"en": "example, masked", "zh": "示例（已遮蔽）"}),
            Column("how", {"en": "found", "zh": "发现依据"}, "text", HOW),
            Column("action", {"en": "done", "zh": "处理"}, "text", ACTIONS),
        )

    def note(self) -> str:
        coded = (self.frame["action"] == "coded").any()
        if self.language == "zh":
            said = f"共 {self.n_rows:,} 行。规则无法找出全部个人信息，公开原话前请逐条核对。"
            return said + ("代码按出现先后编号，仅在本文件内有效，重复者代码相同。" if coded else "")
        said = f"{self.n_rows:,} rows. Rules do not find everything: read open answers before they are published."
        return said + (" Codes follow the order of appearance and hold within this file; who repeats keeps the code."
                       if coded else "")  # fmt: skip

    def sentence(self) -> str:
        """What was found and what was done, in one sentence.

        >>> find_personal_data(pd.DataFrame({"comment": ["call 138 1234 5678", "fine"]})).sentence()
        'Personal data stand in 1 column (phone number in 1 cell) and were not changed.'
        """
        zh = self.language == "zh"
        if self.frame.empty:
            return "未发现个人信息。" if zh else "No personal data were found."
        cells = self.frame.groupby("kind", sort=False)["n"].sum()
        width = self.frame["column"].nunique()
        found = set(self.frame["action"]) == {"found"}
        if zh:
            listed = "、".join(
                f"{say(KINDS[kind], 'zh')} {n:,} 格" for kind, n in zip(cells.index.astype(str), cells, strict=True)
            )
            return f"{width} 列含有个人信息（{listed}），{'未作改动' if found else '已遮蔽'}。"
        listed = ", ".join(
            f"{say(KINDS[kind], 'en')} in {n:,} cell{'s' * (n != 1)}"
            for kind, n in zip(cells.index.astype(str), cells, strict=True)
        )
        verb, done = ("stand", "were not changed") if found else ("stood", "were masked")
        return f"Personal data {verb} in {width} column{'s' * (width != 1)} ({listed}) and {done}."


# --- verbs -------------------------------------------------------------------------------------------------


def find_personal_data(
    frame: pd.DataFrame, *, ignore: str | Sequence[str] = (), respondent: str | None = None, language: Language = "en"
) -> PersonalData:
    """Which columns hold names, phone or identity numbers, e-mail addresses, accounts; nothing is changed.

    Parameters
    ----------
    frame : one row per respondent (or visit, or ticket), cells as texts or numbers
    ignore : columns that are known to be none of this: answers, outcomes, design columns
    respondent : the column that identifies a respondent; it is listed as what :func:`mask_personal_data` would code
    language : language in which the result shows itself

    Returns
    -------
    PersonalData
        One line per column and kind. Numeric columns count only where their numbers have the length of a mobile,
        identity or card number, so answers and weights are passed over without being read one by one.

    Notes
    -----
    Found by content: mobile numbers (``1[3-9]`` and nine digits, with +86, blanks or dashes, full-width digits),
    landlines with area code, international numbers with ``+``; identity numbers of 18 digits with a valid province, date
    and check character, of 15 with a valid province and date; bank cards with an issuer's prefix and Luhn digit; e-mail
    addresses; accounts, names and short phone numbers where they are announced, names before 先生, 女士, 经理, Mr, Ms.
    Found by heading: cells under 姓名, 手机, 身份证号, 住址, ``respondent name``, ``phone``, ``home address`` and the like.
    A heading that is only "name" counts as a person's: put it into ``ignore`` where it names stores. Left alone: hotlines
    (400, 800, 95588, 10086), which belong to firms; dates, amounts, network addresses, decimals.

    Raises
    ------
    DataError
        If ``ignore`` or ``respondent`` names a column that is not there.

    Examples
    --------
    >>> data = pd.DataFrame({"姓名": ["王芳", "李强"], "comment": ["请致电１３８ 1234 5678", "ok"], "P_TAN1": [5, 6]})
    >>> print(
    ...     find_personal_data(data, language="zh")
    ...     .to_frame()[["column", "kind", "n", "example"]]
    ...     .to_string(index=False)
    ... )
    column  kind  n    example
        姓名  name  2     [name]
    comment phone  1 请致电[phone]
    """
    return _result(frame, _columns(frame, ignore, respondent), language, masked=False)


def mask_personal_data(
    frame: pd.DataFrame, *, ignore: str | Sequence[str] = (), respondent: str | None = None, language: Language = "en"
) -> tuple[pd.DataFrame, PersonalData]:
    """The same table with personal data masked, and what was masked where.

    Parameters
    ----------
    frame, ignore, respondent, language : as in :func:`find_personal_data`

    Returns
    -------
    frame : a copy; what was found is replaced by ``[phone]``, ``[name]`` and so on, every other cell is as it was.
        Where the ``respondent`` column holds personal data, the whole column becomes ``P0001, P0002, ...`` in order of
        appearance, so that repeated respondents stay visible. (A hash would not do: there are so few telephone numbers
        that all of them can be tried.) Codes hold within one file; the same person has another code in the next.
    PersonalData
        What was done.

    Notes
    -----
    Masking twice is masking once. Text without personal data comes back as it was, and no digit of a masked number is
    left: unlike ``138****5678``, which with a store and a date may still name one customer.

    Examples
    --------
    >>> data = pd.DataFrame(
    ...     {"phone": [13812345678, 13987654321, 13812345678], "comment": ["good", "我是张先生", "QQ: 12345678"]}
    ... )
    >>> masked, found = mask_personal_data(data, respondent="phone")
    >>> masked["phone"].tolist(), masked["comment"].tolist()
    (['P0001', 'P0002', 'P0001'], ['good', '我是[name]先生', 'QQ: [account]'])
    >>> found.to_frame()[["column", "kind", "n", "action"]].values.tolist()
    [['phone', 'phone', 3, 'coded'], ['comment', 'name', 1, 'masked'], ['comment', 'account', 1, 'masked']]
    """
    columns = _columns(frame, ignore, respondent)
    copy = frame.copy()
    for column in columns:
        copy.isetitem(column.place, column.cells.array)
    return copy, _result(frame, columns, language, masked=True)


def mask_text(text: str) -> str:
    """One text with personal data masked, as open answers are before they are quoted.

    >>> (
    ...     mask_text("My name is Ann Lee, mail ann@example.com, tel. (010) 6275-1234"),
    ...     mask_text("拨打400-810-8888无人接听"),
    ... )
    ('My name is [name], mail [e-mail], tel. [phone]', '拨打400-810-8888无人接听')
    """
    return _masked(text)[0]


# --- columns -----------------------------------------------------------------------------------------------


class _Finding(NamedTuple):
    kind: str
    n: int
    example: str
    how: str


class _PersonalColumn(NamedTuple):
    """A column with personal data: where it stands, its new cells, what was found in it."""

    place: int
    name: str
    cells: pd.Series
    findings: list[_Finding]
    action: str


def _columns(frame: pd.DataFrame, ignore: str | Sequence[str], respondent: str | None) -> list[_PersonalColumn]:
    if not isinstance(frame, pd.DataFrame):
        raise SpecError(
            f"frame={type(frame).__name__} is not a pandas DataFrame. Read the file first: read_table(path)."
        )
    ignored = {ignore} if isinstance(ignore, str) else set(ignore)
    check_columns([*sorted(ignored), *([respondent] if respondent else [])], frame.columns, "the table")
    found = []
    for place, name in enumerate(frame.columns):
        if str(name) in ignored:
            continue
        cells, findings = _masked_column(frame.iloc[:, place], str(name))
        if findings:
            coded = str(name) == respondent
            cells = _coded(frame.iloc[:, place]) if coded else cells
            found.append(_PersonalColumn(place, str(name), cells, findings, "coded" if coded else "masked"))
    return found


def _coded(cells: pd.Series) -> pd.Series:
    """P0001, P0002, ... in order of appearance; numbers and texts that read alike are one, blanks stay blank."""
    codes, known = pd.factorize(_identities(cells))
    width = max(4, len(str(len(known))))
    new = np.array([f"P{k:0{width}d}" for k in range(1, len(known) + 1)] or [""], dtype=object)[codes]
    return pd.Series(np.where(codes < 0, cells.to_numpy(object), new), index=cells.index, dtype=object, name=cells.name)


def _identities(cells: pd.Series) -> Array:
    """(n,) each cell as the text that tells two persons apart; None where blank."""
    texts = [_plain(_as_written(cell)).strip() for cell in cells.to_numpy(object)]
    bare = [re.sub(r"[ ()\-]", "", text) if _LONG_NUMBER.fullmatch(text) else text for text in texts]
    return np.array([text or None for text in bare], dtype=object)


def _as_written(cell: Any) -> str:
    """A cell as text: whole numbers without a decimal point, blanks as an empty text."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (float, np.floating)):
        return "" if np.isnan(cell) else str(int(cell)) if np.isfinite(cell) and cell == int(cell) else str(cell)
    return "" if cell is None or cell is pd.NA or cell is pd.NaT else str(cell)


def _masked_column(cells: pd.Series, heading: str) -> tuple[pd.Series, list[_Finding]]:
    """A column with what is personal replaced, and what was found; the column itself where nothing was."""
    expected = _heading_kind(heading)
    if pd.api.types.is_bool_dtype(cells) or pd.api.types.is_datetime64_any_dtype(cells):
        return cells, []
    if pd.api.types.is_numeric_dtype(cells):
        return _masked_numbers(cells, expected)
    codes, values = pd.factorize(cells.astype(object))
    changes = {k: change for k, value in enumerate(values) if (change := _masked_cell(value, expected))}
    if not changes:
        return cells, []
    new = np.array([*values, None], dtype=object)
    new[list(changes)] = [text for text, _ in changes.values()]
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    touched = np.isin(codes, list(changes))
    replaced = np.where(touched, new[codes], cells.to_numpy(object))
    same = cells.dtype if isinstance(cells.dtype, pd.StringDtype) else object
    return pd.Series(replaced, index=cells.index, dtype=same, name=cells.name), _findings(changes, counts)


_Change = tuple[str, tuple[tuple[str, str], ...]]  # the new text, and (kind, how) of what was in it


def _masked_cell(value: Any, expected: str) -> _Change | None:
    """The cell's new text and what was found, None where nothing was."""
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, float, np.integer, np.floating)):
        kind, how = _number_kind(value, expected)
        return (f"[{kind}]", ((kind, how),)) if kind else None
    if not isinstance(value, str):
        return None
    if expected and _fits_heading(value, expected):
        return f"[{expected}]", ((expected, "heading"),)
    text, kinds = _masked(value)
    return (text, tuple((kind, "content") for kind in kinds)) if kinds else None


def _findings(changes: Mapping[int, _Change], counts: Array) -> list[_Finding]:
    """One line per kind: how many cells, the first of them as an example."""
    lines: dict[str, _Finding] = {}
    for k, (text, kinds) in changes.items():
        example = text if len(text) <= _EXAMPLE else _shortened(text)
        for kind, how in kinds:
            before = lines.get(kind, _Finding(kind, 0, example, how))
            lines[kind] = before._replace(n=before.n + int(counts[k]))
    return list(lines.values())


def _shortened(text: str) -> str:
    """The part of a masked text around its first token."""
    token = re.search("|".join(re.escape(f"[{kind}]") for kind in KINDS), text)
    start = max(0, (token.start() if token else 0) - _EXAMPLE // 2)
    return ("…" if start else "") + text[start : start + _EXAMPLE] + ("…" if start + _EXAMPLE < len(text) else "")


def _result(frame: pd.DataFrame, columns: Sequence[_PersonalColumn], language: Language, masked: bool) -> PersonalData:
    lines = [
        (column.name, *finding[:2], _example(column, finding), finding.how, column.action if masked else "found")
        for column in columns
        for finding in column.findings
    ]
    table = pd.DataFrame(lines, columns=["column", "kind", "n", "example", "how", "action"])
    return PersonalData(table, language, n_rows=len(frame))


def _example(column: _PersonalColumn, finding: _Finding) -> str:
    return "P0001" if column.action == "coded" else finding.example


# --- numbers that stand alone in a cell --------------------------------------------------------------------


def _masked_numbers(cells: pd.Series, expected: str) -> tuple[pd.Series, list[_Finding]]:
    """A numeric column: only numbers as long as a personal one are looked at."""
    if str(cells.dtype).lower() in ("int8", "uint8", "int16", "uint16"):
        return cells, []
    values = cells.to_numpy(dtype=float, na_value=np.nan)
    floor = 1e6 if expected in ("phone", "id number", "account", "bank card") else 1e10
    with np.errstate(invalid="ignore"):
        long = (np.abs(values) >= floor) & (values > 0) & (values < 1e19)
        places = np.flatnonzero(long & (values == np.floor(values)))
    if not len(places):
        return cells, []
    exact = cells.iloc[places].to_numpy(object)  # as they stand: a float has lost the last digits of long integers
    codes, known = pd.factorize(exact)
    kinds = [_number_kind(value, expected) for value in known]
    kinds = _without_chance_hits(kinds, known, codes)
    changes: dict[int, _Change] = {k: (f"[{kind}]", ((kind, how),)) for k, (kind, how) in enumerate(kinds) if kind}
    if not changes:
        return cells, []
    new = cells.to_numpy(object).copy()
    for place, code in zip(places, codes.tolist(), strict=True):
        if code in changes:
            new[place] = changes[code][0]
    counts = np.bincount(codes, minlength=len(known))
    return pd.Series(new, index=cells.index, dtype=object, name=cells.name), _findings(changes, counts)


def _without_chance_hits(kinds: list[tuple[str, str]], values: Array, codes: Array) -> list[tuple[str, str]]:
    """Of any long codes one in ten has a Luhn digit, some begin with 86 and 1: without a full check digit or a heading,
    numbers of 13 digits and more count only where most of the column fits."""
    hit = np.array([bool(kind) for kind, _ in kinds])
    if hit[codes].mean() >= 0.5:
        return kinds
    sure = [
        how == "heading" or value < 10**12 or (kind == "id number" and value >= 10**17)
        for (kind, how), value in zip(kinds, values, strict=True)
    ]
    return [kind if keep else ("", "") for kind, keep in zip(kinds, sure, strict=True)]


def _number_kind(value: Any, expected: str) -> tuple[str, str]:
    """What a number in a cell of its own is, and how that is known; empty texts where it is nothing personal."""
    if not np.isfinite(value) or value != int(value) or not 10**6 <= value < 10**19:
        return "", ""
    digits = str(int(value))
    if expected and _fits_heading(digits, expected):
        return expected, "heading"
    if (
        isinstance(value, (float, np.floating)) and value > _EXACT
    ):  # a spreadsheet keeps 15 digits of an identity number
        kept = f"{value:.14e}".replace(".", "")
        return ("id number", "content") if len(digits) == 18 and _born(kept[6:14]) and _province(kept) else ("", "")
    number = _Number(digits, (len(digits),))
    kind = _kind_of(number)
    return kind, "content" if kind else ""


# --- texts -------------------------------------------------------------------------------------------------

# One character for one, so that places in the plain text are places in the original.
_PLAIN = {
    **{0xFF01 + k: 0x21 + k for k in range(94)},
    **dict.fromkeys([0x3000, 0xA0, 0x202F, 0x2060, 0xFEFF, 0x09, *range(0x2000, 0x200E)], 0x20),
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE63, 0x30FC], 0x2D),
    **dict.fromkeys([0xB7, 0x2022, 0x3002, 0x30FB], 0x2E),
    0xFFE5: 0xA5,  # full-width yuan sign
}


def _plain(text: str) -> str:
    """Full-width letters and digits as ASCII, all blanks and dashes alike; of the same length.

    >>> _plain("１３８—１２３４　５６７８")
    '138-1234 5678'
    """
    return text.translate(_PLAIN)


def _masked(text: str) -> tuple[str, tuple[str, ...]]:
    """A text with its personal parts replaced, and their kinds. Repeated until nothing is left to replace."""
    kinds: dict[str, None] = {}
    while spans := _spans(_plain(text)):
        for start, end, kind in reversed(spans):
            text = f"{text[:start]}[{kind}]{text[end:]}"
        kinds.update(dict.fromkeys(kind for _, _, kind in spans))
    return text, tuple(kinds)


_Span = tuple[int, int, str]


def _spans(text: str) -> list[_Span]:
    """(start, end, kind) of personal parts, in order; of two that overlap the first finder's stands."""
    taken: list[_Span] = []
    for finder in (_emails, _accounts, _numbers, _names):
        taken += [span for span in finder(text) if all(span[1] <= start or end <= span[0] for start, end, _ in taken)]
    return sorted(taken)


_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}")


def _emails(text: str) -> Iterator[_Span]:
    if "@" in text:
        yield from ((match.start(), match.end(), "e-mail") for match in _EMAIL.finditer(text))


_CHANNELS = ("微信", "v信", "薇信", "威信", "wechat", "weixin", "vx", "wx", "扣扣", "qq")
_CHANNEL = r"(?:微信|v信|薇信|威信|(?<![A-Za-z])(?:wechat|weixin|vx|wx)|扣扣|(?<![A-Za-z])qq)"
_HANDLE = r"(?![A-Za-z0-9_-]{0,19}@)(?:[A-Za-z][A-Za-z0-9_-]{5,19}|[1-9][0-9]{4,11})(?![A-Za-z0-9_-])"
_GAP = " {0,3}"  # bounded, so that a page of blanks costs no time
_ACCOUNT = re.compile(
    rf"(?:{_CHANNEL}{_GAP}(?:号码?|账号|帐号|id|number|account){_GAP}(?:[:=是为]|is\b){_GAP}|"
    rf"{_CHANNEL}{_GAP}(?:(?:号码?|账号|帐号|id|number|account){_GAP}|[:=是为]{_GAP})(?=[A-Za-z_-]*[0-9_])|"
    rf"(?<![A-Za-z])qq{_GAP}(?=[1-9][0-9]{{6}})(?!20[0-9]{{6}}(?![0-9]))|"
    rf"加(?:我|个)?{_GAP}{_CHANNEL}{_GAP}(?=[A-Za-z_-]*[0-9_]))(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_SERVICE = re.compile(r"(?:400|800)[0-9]{7}|95[0-9]{3,4}|9[56][0-9]{3}|1(?:00|01|23)[0-9]{2}|1[12][0-9]")


def _accounts(text: str) -> Iterator[_Span]:
    """WeChat and QQ accounts that are announced; the service numbers of firms (QQ 10000) are none."""
    if not any(word in text.lower() for word in _CHANNELS):
        return
    for match in _ACCOUNT.finditer(text):
        if not _SERVICE.fullmatch(match["handle"]):
            yield match.start("handle"), match.end("handle"), "account"


# --- numbers in texts --------------------------------------------------------------------------------------


class _Number(NamedTuple):
    """Groups of digits that may be one number, and what stands around them."""

    digits: str
    shape: tuple[int, ...]  # length of each group
    separators: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    phone_announced: bool = False
    id_announced: bool = False


_RUN = re.compile(r"[0-9](?:[ .()\-]{0,3}[0-9])*")
_GROUP = re.compile(r"[0-9]+")


def _numbers(text: str) -> Iterator[_Span]:
    """Phone, identity and card numbers, the longest first at each place."""
    for run in _RUN.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            size, kind = _number_at(text, groups[first : first + 18])
            if kind:
                yield *_widened(text, groups[first][0], groups[first + size - 1][1], kind), kind
            first += max(size, 1)


def _number_at(text: str, groups: Sequence[tuple[int, int]]) -> tuple[int, str]:
    """How many of the next groups make one number, and which; (0, "") where they do not."""
    start = groups[0][0]
    if sum(b - a for a, b in groups) < 7:
        return 0, ""
    before = text[max(0, start - 30) : start]
    announced = bool(_PHONE_CUE.search(before)), bool(_ID_CUE.search(before))
    for size in range(len(groups) if any(announced) else min(len(groups), _WINDOW), 0, -1):
        chosen, end = groups[:size], groups[size - 1][1]
        lengths = tuple(b - a for a, b in chosen)
        if 7 <= sum(lengths) <= 19:
            between = tuple(text[a:b] for (_, a), (b, _) in pairwise(chosen))
            digits = "".join(text[a:b] for a, b in chosen)
            kind = _kind_of(_Number(digits, lengths, between, before, text[end : end + 8], *announced))
            if kind:
                return size, kind
    return 0, ""


def _kind_of(number: _Number) -> str:
    """What a number is, empty where it is nothing personal."""
    return next((kind for kind, holds in _RULES if holds(number)), "") if _is_whole(number) else ""


def _widened(text: str, start: int, end: int, kind: str) -> tuple[int, int]:
    """With the plus and bracket before a telephone number, and the X after an identity number."""
    if kind == "phone":
        if text[start - 1 : start] == "(" and ")" in text[start : end + 1]:
            start -= 1
        if text[start - 1 : start] == "+":
            start -= 1
            if text[start - 1 : start] == "(" and ")" in text[start : end + 1]:
                start -= 1
    elif kind == "id number" and text[end : end + 1] in ("X", "x"):
        end += 1
    return start, end


_PHONE_CUE = re.compile(
    r"(?:电话|手机|座机|联系方式|联系|号码|致电|拨打|回电|(?<![a-z])(?:tel|telephone|phone|mobile|cell|whatsapp|(?:call|ring|reach|text)(?: me)?))"
    r"(?:\s|号码?|number|no\b|me\b|on\b|at\b|is\b|[:=.#(+]|是|为|我)*$",
    re.IGNORECASE,
)
_ID_CUE = re.compile(
    r"(?:身份证|证件|公民身份|(?<![a-z])(?:id card|identity card|identity|id|citizen id|national id))"
    r"(?:\s|号码?|number|no\b|is\b|[:=.#]|是|为)*$",
    re.IGNORECASE,
)


def _is_whole(number: _Number) -> bool:
    """False for digits that are part of something else: a code, a decimal, an amount, a network address."""
    if re.search(r"[0-9]\.$|[¥$€£]\s*$", number.before) or re.match(r"\.[0-9]*[1-9]|\s*[元万%]", number.after):
        return False
    if re.match(r"[A-Za-z_]", number.after) and not re.match(r"[Xx](?![A-Za-z0-9])", number.after):
        return False
    if number.separators == (".", ".", ".") and all(length <= 3 for length in number.shape):
        return False
    if len(number.shape) > 1 and set(number.separators) == {"."} and len(number.shape) == 2:
        return False
    glued = re.search(r"[A-Za-z_][-]?$", number.before)
    return not glued or number.phone_announced or number.id_announced


def check_character(digits: str) -> str:
    """The check character of ISO 7064 MOD 11-2 for a string of digits; X stands for 10.

    ``s = 0; s = 2 (s + digit)`` for each digit; the character is ``(12 - s mod 11) mod 11``. It guards Chinese identity
    numbers (17 digits before it) and ORCID iDs (15).

    References
    ----------
    GB 11643-1999; checked against its two examples and the ORCID iDs 0000-0002-1825-0097 and 0000-0002-1694-233X.

    >>> check_character("11010519491231002"), check_character("000000021825009")
    ('X', '7')
    """
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2 % 11
    value = (12 - total) % 11
    return "X" if value == 10 else str(value)


def has_luhn_digit(digits: str) -> bool:
    """True if the last digit of a card number is its Luhn check digit (ISO/IEC 7812-1).

    >>> has_luhn_digit("79927398713"), has_luhn_digit("79927398714")
    (True, False)
    """
    doubled = [int(digit) * (1 + k % 2) for k, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


# GB/T 2260: the first two digits are the province.
_PROVINCES = frozenset(map(str, [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55),
                                 *range(61, 66), 71, 81, 82, 83]))  # fmt: skip


def _province(digits: str) -> bool:
    return digits[:2] in _PROVINCES


def _born(text: str) -> bool:
    """True for yyyymmdd that is a day between 1850 and today's century's end."""
    try:
        return 1850 <= date(int(text[:4]), int(text[4:6]), int(text[6:8])).year < 2100
    except ValueError:
        return False


def _is_id_number(number: _Number) -> bool:
    digits, announced = number.digits, number.id_announced
    if len(number.shape) > 1 and min(number.shape) < 2 and not announced:
        return False
    if len(digits) == 17 and number.after[:1] in ("X", "x"):
        digits += "X"
    if len(digits) == 18:
        fits = _province(digits) and _born(digits[6:14])
        return announced or (fits and check_character(digits[:17]) == digits[17].upper())
    if number.after[:1] in ("X", "x"):
        return False
    return len(digits) == 15 and _province(digits) and _born("19" + digits[6:12])


_CARD = re.compile(
    r"62[0-9]{14,17}|4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|(?:60|9[0-9])[0-9]{14,17}"
)
_CARD_SHAPE = ((6, 10), (6, 11), (6, 12), (6, 13), (4, 6, 5))


def _is_bank_card(number: _Number) -> bool:
    quads = all(length == 4 for length in number.shape[:-1]) and number.shape[-1] <= 4
    whole = len(number.shape) == 1 or (quads and len(number.shape) > 3) or number.shape in _CARD_SHAPE
    return whole and bool(_CARD.fullmatch(number.digits)) and has_luhn_digit(number.digits)


_MOBILE = re.compile(r"(?:(?:00)?86|0)?1[3-9][0-9]{9}")
_AREA = r"(?:010|02[0-57-9]|0[3-9][0-9]{2})"
_LANDLINE = re.compile(r"(?:010|02[0-57-9])[2-9][0-9]{7}|0[3-9][0-9]{2}[2-9][0-9]{6,7}")
_UK_MOBILE = re.compile(r"07[1-9][0-9]{8}")
_ABROAD = re.compile(r"00(?:1|7|33|34|39|44|49|6[0-6]|8[1246]|85[236]|886|91)[0-9]{7,12}")


def _is_phone(number: _Number) -> bool:
    announced = number.phone_announced
    plus = number.before.endswith(("+", "+("))
    if _is_hotline(number.digits) or (number.after[:1] in ("X", "x") and number.after[1:2].isalnum()):
        return False
    if plus:
        return 9 <= len(number.digits) <= 15 and number.digits[0] != "0"
    return (
        _is_mobile(number, announced)
        or _is_landline(number, announced)
        or _is_foreign(number, announced)
        or (announced and _is_short_phone(number))
    )


def _is_hotline(digits: str) -> bool:
    """400 and 800 numbers and short codes are a firm's, not a person's."""
    return bool(re.fullmatch(r"(?:86)?(?:400|800)[0-9]{7}", digits))


def _is_mobile(number: _Number, announced: bool) -> bool:
    """Eleven digits; in groups of two or more that begin with three or a prefix, else only where announced."""
    if not _MOBILE.fullmatch(number.digits):
        return False
    lengths = number.shape[1:] if number.shape[0] <= 4 and number.digits.startswith(("86", "0")) else number.shape
    usual = len(lengths) == 1 or (lengths[0] >= 3 and min(lengths) >= 2)
    return announced or usual


def _is_landline(number: _Number, announced: bool) -> bool:
    """Area code and seven or eight digits, perhaps an extension; a date after a code is none."""
    digits, shape = number.digits, number.shape
    if len(shape) > 2 and shape[-1] <= 5 and number.separators[-1].strip() == "-" and sum(shape[:-1]) >= 10:
        digits, shape = digits[: -shape[-1]], shape[:-1]
    if digits.startswith("86") and shape[0] == 2 < len(shape):
        digits, shape = "0" + digits[2:], (shape[1] + 1, *shape[2:])
    if not _LANDLINE.fullmatch(digits):
        return False
    area = 3 if digits[:2] in ("01", "02") else 4
    local = digits[area:]
    return (len(shape) == 1 or shape[0] == area) and min(shape) >= 3 and (announced or not _born(local))


def _is_foreign(number: _Number, announced: bool) -> bool:
    """Numbers with 00, (415) 555-2671, 07911 123456."""
    digits, shape = number.digits, number.shape
    if digits.startswith("00"):
        return bool(_ABROAD.fullmatch(digits)) and (announced or len(shape) > 1)
    if shape == (3, 3, 4) and digits[0] in "23456789" and digits[3] in "23456789":
        return announced or any(separator.strip() for separator in number.separators)
    return bool(_UK_MOBILE.fullmatch(digits)) and (len(shape) == 1 or shape[0] == 5)


def _is_short_phone(number: _Number) -> bool:
    """Seven to twelve digits after "phone:", where they are not a day."""
    usual = min(number.shape) >= 2 or set(number.shape) == {1}
    return 7 <= len(number.digits) <= 12 and usual and not (len(number.digits) == 8 and _born(number.digits))


_RULES: tuple[tuple[Kind, Callable[[_Number], bool]], ...] = (
    ("id number", _is_id_number),
    ("phone", _is_phone),
    ("bank card", _is_bank_card),
)


# --- names -------------------------------------------------------------------------------------------------

# The commonest surnames, without those that are everyday words before a title (向经理 "to the manager", 保安 and so on).
_SURNAMES = "王李张刘陈杨黄赵吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷龙段郝孔邵史毛顾赖武康贺严尹钱施洪龚汤陶黎温莫易樊乔文庞殷颜庄章鲁倪邢岳翟"  # fmt: skip
_COMPOUND = "欧阳|司马|诸葛|上官|皇甫|慕容|令狐|司徒|夏侯|尉迟"
_SURNAME = f"(?:{_COMPOUND}|[{_SURNAMES}])"
# Words that begin like a surname, and what makes a surname the end of another word.
_WORDS = (
    "马上|高级|高兴|高中|高端|高峰|方便|方案|金牌|金卡|周[一二三四五六日末]|江苏|江西|黄金|黄牛|石家庄|石油|程序|钱包|毛病|文员|文明|路人|施工|余额|夏天|"
    "温馨|严重|武汉|陆续|郑州|苏州|徐州|何时|何况|孙子|谢谢|康复|雷同|易于|龙头|许多|顾客|史上|林业|唐山|温州|杭州|广州|贺卡|洪水|莫非|章程|田径|朱红"
)
_INSIDE = (
    "(?<![对双各地官乙甲多])方|(?<![付收交给退花省])钱|(?<![资基现奖])金|(?<![最更提])高|(?<![园森])林|(?<![健安])康|(?<![工流课过])程|"
    "(?<![其多业])余|(?<!行)李|(?<!江)苏|(?<![家村])庄|(?<!黄)石|(?<!襄)樊|(?<!余)姚|(?<!齐)鲁|(?<![每上本下一这二三两四])周|(?<![任如为几奈])何|(?<![感谢多致])谢|(?<!黑)马|(?<![作语英中])文|(?<!容)易|(?<![水浙镇丽龙九吴张])江"
)
_GUARDED = "方钱金高林康程余李苏庄石樊姚鲁周何谢马文易江"
_TITLE_SURNAME = f"(?:{_COMPOUND}|{_INSIDE}|[{''.join(c for c in _SURNAMES if c not in _GUARDED)}])"
_GIVEN = "(?![找请叫问让见跟和向对给把被是有没来去喊骂说的了在都也就会要能不上下级位名个我你他她它这那吗呢吧很太])[\u4e00-\u9fff]"
_COURTESY = "(?:先生|女士|小姐(?!姐)|太太)"
_RANK = "(?:经理|店长|主任|师傅|老师|店员|主管|班长)"
_END = "(?=$|[^\u4e00-\u9fff]|电话|手机|联系|身份|微信|今年|来自|家住|先生|女士)"
_ZH_NAME = f"(?!{_WORDS}){_SURNAME}(?:{_GIVEN}{_GIVEN}{_END}|{_GIVEN}{_END}|{_GIVEN}{_GIVEN}|{_GIVEN})"
_EN_NAME = r"(?!(?:Not|None|On|In|The|A|An)\b)[A-Z][A-Za-z'’-]+(?: [A-Z][A-Za-z'’-]+){0,2}"
_PINYIN = "Wang|Li|Zhang|Liu|Chen|Yang|Huang|Zhao|Wu|Zhou|Xu|Sun|Ma|Zhu|Hu|Guo|He|Lin|Gao|Luo|Zheng|Liang|Xie|Song|Tang|Deng|Han|Feng|Cao|Peng|Zeng|Xiao|Tian|Dong|Pan|Yuan|Cai|Jiang|Yu|Du|Ye|Cheng|Wei|Su|Lu|Ding|Ren|Yao|Shen"  # fmt: skip
_NAME_WORDS = (
    "叫",
    "名",
    "联系人",
    "我姓",
    "先生",
    "女士",
    "小姐",
    "太太",
    *_RANK[3:-1].split("|"),
    "ame",
    "AME",
    "M",
    "anager",
)
_NAME = re.compile(
    rf"(?:我叫|我的名字叫|我的名字是|我名叫|本人叫|(?:姓名|名字|联系人){_GAP}(?:[:是为叫]{_GAP})+){_GAP}(?P<a>{_ZH_NAME})|"
    rf"我姓(?P<b>{_SURNAME})|"
    rf"(?P<c>(?!{_WORDS})(?:{_TITLE_SURNAME})(?:(?!{_SURNAME}(?:{_COURTESY}|{_RANK})){_GIVEN}){{0,2}})(?={_COURTESY}|{_RANK})|"
    rf"\b(?:(?i:my name is|my name's|my name:|name{_GAP}[:=]){_GAP})(?P<d>{_EN_NAME}|{_ZH_NAME})|"
    rf"\b(?:Mr|Mrs|Ms|Mx)\b\.?{_GAP}(?P<e>[A-Z][a-z'’-]+(?: [A-Z][a-z'’-]+)?)|"
    rf"\b(?:Miss|[Mm]anager) {{1,3}}(?P<f>(?:{_PINYIN})\b(?: [A-Z][a-z]+)?)"
)


def _names(text: str) -> Iterator[_Span]:
    """Names that are announced or stand before or after a title."""
    if not any(word in text for word in _NAME_WORDS):
        return
    for match in _NAME.finditer(text):
        group = match.lastgroup or "a"
        yield match.start(group), match.end(group), "name"


# --- headings ----------------------------------------------------------------------------------------------

_HEADINGS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "name",
        re.compile(
            r".*姓名.*|(?:客户|顾客|受访者|被访者|被访人|访员|访问员|员工|店员|用户|会员|您的|督导)?(?:名字|称呼)|联系人|"
            r"name|your name|surname|(?:.* )?(?:respondent|customer|client|person|staff|employee|clerk|shopper|inspector|assessor|auditor|interviewer|"
            r"contact|first|last|family|given|full|maiden|user|member|guest|visitor)(?:'?s)? ?(?:full |sur)?names?|contact person"
        ),
    ),
    (
        "id number",
        re.compile(
            r".*身份证.*|证件号码?|护照号?码?|.*\b(?:id card|identity card|national id|citizen id|passport|id number|id no)\b.*"
        ),
    ),
    ("bank card", re.compile(r".*银行卡.*|.*(?:bank|credit|debit) card.*|card (?:number|no)")),
    ("account", re.compile(r"微信号?码?|qq ?号?码?|微信账号|wechat(?: id)?|weixin")),
    ("e-mail", re.compile(r"e ?mail(?: address)?|(?:电子)?邮箱(?:地址)?")),
    (
        "phone",
        re.compile(
            r".*(?:手机号|电话号|联系电话|联系方式).*|手机|电话|.*\b(?:phone|mobile|telephone|cell ?phone|tel)(?: number| no)?"
        ),
    ),
    (
        "address",
        re.compile(r".*(?:家庭|居住|邮寄|收货|通讯)(?:住|详细)?(?:地)?址|住址|.*\b(?:home|postal|mailing) address"),
    ),
)
_FITS: Mapping[str, re.Pattern[str]] = {
    "name": re.compile(r"[^0-9\[\]]*[^\W\d_][^0-9\[\]]*"),
    "phone": re.compile(r"[+(]{0,2}[0-9](?:[ ()./\-]{0,3}[0-9]){6,16}"),
    "id number": re.compile(r"[A-Za-z]{0,3}[ (]?[0-9](?:[ \-]?[0-9]){4,17}[ -]?[)(]?[0-9A-Za-z]?\)?"),
    "bank card": re.compile(r"[0-9](?:[ \-]?[0-9]){11,18}"),
    "account": re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}|[1-9][0-9]{4,11}"),
    "e-mail": re.compile(r"[^\s\[\]]+@[^\s\[\]]+"),
    "address": re.compile(r"(?=.*[^\W\d_])[^\[\]]{4,}"),
}


def _heading_kind(heading: str) -> str:
    """The kind of personal data a heading announces, empty for none.

    >>> (
    ...     _heading_kind("受访者姓名"),
    ...     _heading_kind("respondent_name"),
    ...     _heading_kind("store_name"),
    ...     _heading_kind("Mobile No."),
    ... )
    ('name', 'name', '', 'phone')
    """
    words = re.sub(r"[\s_\-./:]+", " ", _plain(heading)).strip().lower()
    return next((kind for kind, pattern in _HEADINGS if pattern.fullmatch(words)), "")


def _fits_heading(text: str, kind: str) -> bool:
    """Whether a cell can be what its heading announces: a phone's brand under "phone" is no number."""
    cell = _plain(text).strip()
    if kind == "name" and len(cell) > 40:
        return False
    if kind == "phone" and _is_hotline(re.sub(r"[^0-9]", "", cell)):
        return False
    return bool(_FITS[kind].fullmatch(cell))
