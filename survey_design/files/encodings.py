"""Which letters do these bytes stand for? UTF-8, UTF-16, GB18030, or two of them in one file; never a silent guess."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from survey_design.errors import DataError, SpecError

MIXED = "utf-8 + gb18030"
_MARK = b"\xef\xbb\xbf"
_CHINESE_UTF8 = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}|\xef[\xbc\xbd][\x80-\xbf]")
_LISTED = 5
_TRADITIONAL = ("big5", "cp950", "big5hkscs")


@dataclass(frozen=True)
class Decoded:
    """A file's text, the encoding it was read in, and the lines that are not in the encoding of the others.

    ``other_lines`` counts from 1 and is empty unless two encodings were found: then it names the lines in GB18030.
    ``doubtful`` are the lines of a guessed encoding with characters that no text has, private or unassigned: the guess
    may be wrong.
    """

    text: str
    encoding: str
    other_lines: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()


def decode(content: bytes, name: str, encoding: str | None = None) -> Decoded:
    """The text of a file in the encoding that is named, or else in the first that fits.

    Tried in turn: a mark at the start of the file (UTF-8, UTF-16); UTF-16 without mark, known by its zero bytes;
    UTF-8; then line by line. A file of which no line is Chinese in UTF-8 is GB18030. Where some lines are UTF-8 and
    others GB18030, as in exports pasted together, each line is read in its own (``utf-8 + gb18030``). A line that
    could be either goes with the one before it. A line in which whole UTF-8 characters prevail and one is broken is
    damaged, not GB18030, and is named in an error. So is a file that gives private or unassigned characters as GB18030
    and none as Big5, which nearly all bytes of Big5 can be mistaken for; where it gives them in both,
    :attr:`Decoded.doubtful` names the lines.

    Parameters
    ----------
    content : the file's bytes
    name : the file's name, for messages
    encoding : the encoding, if it is known; then nothing else is tried

    Raises
    ------
    DataError
        If the bytes are in none of these; ``.cases`` has the lines.
    SpecError
        If ``encoding`` is not known.

    Examples
    --------
    >>> mixed = "门店,5\\n".encode() + "南京路店,6\\n".encode("gb18030")
    >>> decode(mixed, "pasted.csv")
    Decoded(text='门店,5\\n南京路店,6\\n', encoding='utf-8 + gb18030', other_lines=(2,), doubtful=())
    >>> decode("门店\\n".encode("utf-16-le"), "a.csv").encoding
    'utf-16-le'
    """
    if encoding is not None:
        return Decoded(_named(content, name, encoding), encoding)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Decoded(_named(content, name, "utf-16"), "utf-16")
    unmarked = _utf16_without_mark(content)
    if unmarked:
        return replace(unmarked, doubtful=_doubtful(unmarked.text))
    text = _text_or_none(content, "utf-8-sig")
    return _looked_at(_by_line(content, name), content, name) if text is None else Decoded(text, "utf-8-sig")


def _looked_at(guess: Decoded, content: bytes, name: str) -> Decoded:
    """The guess with its doubtful lines; refused where another Chinese encoding reads the file without any."""
    lines = _doubtful(guess.text)
    texts = {each: _text_or_none(content, each) for each in _TRADITIONAL} if lines else {}
    better = next((each for each, text in texts.items() if text is not None and not _doubtful(text)), "")
    if better:
        cases = pd.DataFrame(
            {"file": name, "row": lines, "column": "", "value": "", "problem": "characters that no text has"}
        )
        raise DataError(
            f"{name} is not UTF-8, and read as GB18030 {spelled(lines)} would hold characters that no text has. It may be "
            f"{better}: name it, encoding='{better}', or 'gb18030' if that is right; or save it as UTF-8.", cases)  # fmt: skip
    return replace(guess, doubtful=lines)


def _doubtful(text: str) -> tuple[int, ...]:
    """The lines, counted from 1, that hold private or unassigned characters."""
    strange = {character for character in set(text) if unicodedata.category(character) in ("Co", "Cn")}
    if not strange:
        return ()
    return tuple(k for k, line in enumerate(text.split("\n"), start=1) if not strange.isdisjoint(line))


def _named(content: bytes, name: str, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} is not {encoding} text (byte {error.start}, line {line}). Save it as UTF-8, or name its encoding."
        ) from error
    except (LookupError, TypeError) as error:
        raise SpecError(f"encoding={encoding!r} is not known. Try 'utf-8', 'gb18030' or 'latin-1'.") from error


def _text_or_none(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf16_without_mark(content: bytes) -> Decoded | None:
    """The text, if every second byte tends to be zero, as separators and line ends are in UTF-16."""
    even, odd = content[0::2].count(0), content[1::2].count(0)
    if len(content) % 2 or max(even, odd) < 4 * min(even, odd) + 1:
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = _text_or_none(content, encoding)
    if text is None or any(character < " " and character not in "\t\r\n" for character in text):
        return None
    return Decoded(text, encoding)


def _by_line(content: bytes, name: str) -> Decoded:
    lines = content.removeprefix(_MARK).splitlines(keepends=True)
    kinds = {k: _kind(line) for k, line in enumerate(lines) if not line.isascii()}
    utf8 = content.startswith(_MARK) or "utf-8" in kinds.values()
    if not utf8:
        text = _text_or_none(content, "gb18030")
        if text is not None:
            return Decoded(text, "gb18030")
    neither = [k for k, kind in kinds.items() if kind == "neither"]
    if neither:
        raise _unreadable(name, [k + 1 for k in neither])
    kinds = _decided(kinds)
    text = "".join(line.decode(kinds.get(k, "utf-8")).removeprefix("\ufeff") for k, line in enumerate(lines))
    return Decoded(text, MIXED, tuple(k + 1 for k, kind in kinds.items() if kind == "gb18030"))


def _kind(line: bytes) -> str:
    """``utf-8``, ``gb18030``, ``either`` or ``neither``.

    Short lines can be both. Chinese in UTF-8 hardly ever gives GB2312, the 6,763 usual characters, when it is read as
    GB18030; so a line that does give them may be either, as may one of two-byte characters alone. A line that is not
    UTF-8 and gives other characters is damaged where whole characters of UTF-8 prevail.
    """
    text = _text_or_none(line, "gb18030")
    usual = text is not None and _is_usual(text)
    if _text_or_none(line, "utf-8") is not None:
        return "either" if usual or (text is not None and max(line) < 0xE0) else "utf-8"
    whole = 3 * len(_CHINESE_UTF8.findall(line))
    damaged = not usual and 2 * whole > sum(byte > 0x7F for byte in line)
    return "neither" if text is None or damaged else "gb18030"


def _is_usual(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _decided(kinds: dict[int, str]) -> dict[int, str]:
    """Lines that could be either are as the line before them, or else as the first that is certain."""
    certain = next((kind for kind in kinds.values() if kind != "either"), "utf-8")
    decided = {}
    for k, kind in kinds.items():
        certain = certain if kind == "either" else kind
        decided[k] = certain
    return decided


def _unreadable(name: str, lines: list[int]) -> DataError:
    cases = pd.DataFrame(
        {"file": name, "row": lines, "column": "", "value": "", "problem": "neither UTF-8 nor GB18030"}
    )
    return DataError(
        f"{name} is not utf-8-sig nor gb18030 text in {spelled(lines)}. Save it as UTF-8, or name its encoding.", cases
    )


def spelled(lines: Iterable[int], language: str = "en") -> str:
    """Line numbers in words, the first five of them.

    >>> spelled([7]), spelled([1, 2, 3, 4, 5, 6]), spelled([2, 3], "zh")
    ('line 7', 'lines 1, 2, 3, 4, 5, …', '第 2、3 行')
    """
    numbers = [str(line) for line in lines]
    if language == "zh":
        return f"第 {'、'.join(numbers[:_LISTED])}{'……' if len(numbers) > _LISTED else ''} 行"
    return f"line{'s' * (len(numbers) > 1)} {', '.join(numbers[:_LISTED])}{', …' * (len(numbers) > _LISTED)}"
