"""Which sentences stand under many tables of a page? They are said once, numbered, and each table points to them.

A note is taken apart at its semicolons and full stops, outside of brackets. What holds a figure (a base, a level, a design effect)
is the table's own and stays with it; so do short remarks.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from servqual.report.document import Report, Section, Table

MOST = 3  # tables under which a sentence is repeated as it stands
_LEAST, _CHINESE = (
    48,
    2.5,
)  # letters of a sentence that is worth a number; Latin letters that a Chinese one says as much as
_GLUE = ("; ", "；")
_STOPS = (*_GLUE, ". ", "。")
_OPEN, _CLOSE = "([（【", ")]）】"

Clause = tuple[str, str]  # its text, and what ends it


@dataclass(frozen=True)
class Footnotes:
    """What a page says once of many tables.

    Attributes
    ----------
    passages : in the order in which tables first need them; each is a clause of notes, with a short one that always follows it
    before : place of the first section with a table that points to one
    """

    passages: tuple[tuple[str, ...], ...] = ()
    before: int = 0

    @classmethod
    def of(cls, report: Report) -> Footnotes:
        """Those of all tables that the page shows."""
        owners = [k for k, section in enumerate(report.sections) for _ in _tables(section)]
        notes = [clauses(table.result.note()) for section in report.sections for table in _tables(section)]
        follows = _followers(notes)
        passages = [_passages(note, follows) for note in notes]
        count = Counter(each for note in passages for each in set(note))
        often = dict.fromkeys(each for note in passages for each in note if count[each] > MOST and _is_general(each[0]))
        pointing = [owner for owner, note in zip(owners, passages, strict=True) if not often.keys().isdisjoint(note)]
        return cls(tuple(often), min(pointing, default=0))

    def sentences(self, language: str) -> tuple[str, ...]:
        """The passages as sentences."""
        glue, stop = ("；", "。") if language == "zh" else ("; ", ".")
        return tuple(f"{text[:1].upper()}{text[1:]}{stop}" for text in map(glue.join, self.passages))

    def split(self, note: str) -> tuple[str, tuple[int, ...]]:
        """What a note says of its own, and the numbers, from 1, of what is said once.

        >>> Footnotes((("errors of clusters",),)).split("n = 9; errors of clusters. No margin of error.")
        ('n = 9. No margin of error.', (1,))
        """
        parts, kept, numbers, k = clauses(note), [], [], 0
        while k < len(parts):
            at = self._at([text for text, _ in parts[k:]])
            if at is None:
                kept.append(parts[k])
                k += 1
                continue
            numbers.append(at + 1)
            k += len(self.passages[at])
            if kept and kept[-1][1] in _GLUE and parts[k - 1][1] not in _GLUE:
                kept[-1] = (kept[-1][0], parts[k - 1][1])  # its sentence ends where the last clause ended
        return "".join(text + stop for text, stop in kept).rstrip(), tuple(sorted(set(numbers)))

    def _at(self, texts: Sequence[str]) -> int | None:
        """The longest passage that begins here."""
        fitting = [k for k, passage in enumerate(self.passages) if tuple(texts[: len(passage)]) == passage]
        return max(fitting, key=lambda k: len(self.passages[k]), default=None)


def clauses(note: str) -> list[Clause]:
    """The clauses of a note, each with what ends it; put together they are the note.

    >>> clauses("n = 12 (a; b); 95% intervals. No margin of error.")
    [('n = 12 (a; b)', '; '), ('95% intervals', '. '), ('No margin of error', '.')]
    """
    found: list[Clause] = []
    depth = start = k = 0
    while k < len(note):
        depth = max(0, depth + (note[k] in _OPEN) - (note[k] in _CLOSE))
        stop = next((each for each in _STOPS if note.startswith(each, k)), "") if not depth else ""
        if stop:
            found.append((note[start:k], stop))
            start = k + len(stop)
        k += len(stop) or 1
    last = note[start:]
    end = "." if last.endswith(".") else ""
    return [*found, *([(last.removesuffix("."), end)] if last else [])]


def _tables(section: Section) -> list[Table]:
    """The tables that the page shows."""
    return [block for block in section.blocks if isinstance(block, Table) and block.on_page]


def _followers(notes: Sequence[Sequence[Clause]]) -> Mapping[str, str]:
    """Clause -> the one that belongs to it, since it follows in the same sentence wherever the clause stands.

    A short one ("elsewhere about ...") may stand elsewhere, too; a long one belongs to what is before it only if it never does.
    """
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for note in notes:
        for (text, stop), (following, _) in zip(note, [*note, ("", "")][1:], strict=True):
            after.setdefault(text, set()).add(following if stop in _GLUE else "")
        for (previous, _), (text, _) in zip([("", ""), *note], note, strict=False):
            before.setdefault(text, set()).add(previous)
    found = {text: next(iter(following)) for text, following in after.items() if len(following) == 1}
    return {
        text: own for text, own in found.items()
        if own and _has_no_figure(own) and (not _is_general(own) or before[own] == {text})
    }  # fmt: skip


def _passages(note: Sequence[Clause], follows: Mapping[str, str]) -> list[tuple[str, ...]]:
    """A note's clauses; one that is worth a number takes its short follower with it."""
    found: list[tuple[str, ...]] = []
    for text, _ in note:
        if found and _is_general(found[-1][-1]) and follows.get(found[-1][-1]) == text:
            found[-1] = (*found[-1], text)
        else:
            found.append((text,))
    return found


def _is_general(text: str) -> bool:
    """Whether a clause is worth a number: long enough, and without a figure or a quotation, which would be the table's own."""
    size = sum(_CHINESE if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    return size >= _LEAST and _has_no_figure(text) and "“" not in text


def _has_no_figure(text: str) -> bool:
    return not any(letter.isdigit() for letter in text)
