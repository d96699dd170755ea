"""Small tables that only reports need: the items' words, faulty cells, joint tests, files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from servqual.report.words import word, words
from servqual.responses import Responses
from survey_design.files.table import Source
from survey_design.results import Column, Kind, Language, Result, say

if TYPE_CHECKING:
    from servqual.gaps import GapScores
    from servqual.measures import Points
    from servqual.privacy import PersonalData

_KINDS: Mapping[str, Kind] = {
    "t2": "number",
    "points": "number",
    "f": "number",
    "df1": "df",
    "df2": "df",
    "p": "p",
    "n": "count",
    "cells": "count",
    "n_raw": "count",
}


@dataclass(frozen=True, eq=False, repr=False)
class Listing(Result):
    """A table whose title, note and column headings are keys of ``words.toml``."""

    heading: str = ""
    remark: str = ""

    def title(self) -> str:
        return word(self.heading, self.language)

    def columns(self) -> tuple[Column, ...]:
        names = map(str, self.frame.columns)
        return tuple(Column(name, words().get(name, {"en": name}), _KINDS.get(name, "text")) for name in names)

    def note(self) -> str:
        return word(self.remark, self.language) if self.remark else ""


@dataclass(frozen=True, eq=False, repr=False)
class Brief(Result):
    """A table with rows that are left out: one word in each, the whole reason once in the note."""

    whole: Result = None  # type: ignore[assignment]

    def title(self) -> str:
        return self.whole.title()

    def columns(self) -> tuple[Column, ...]:
        short = {"suppressed": words()["suppressed"]}
        return tuple(replace(column, words={**column.words, **short}) if column.name == "reason" else column
                     for column in self.whole.columns())  # fmt: skip

    def note(self) -> str:
        from servqual.inference import REASONS

        said = say(REASONS["suppressed"], self.language)
        told = f"{said[0].upper()}{said[1:]}{'。' if self.language == 'zh' else '.'}"
        return f"{self.whole.note()}{'' if self.language == 'zh' else ' '}{told}"

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language, whole=self.whole.in_language(language))


@dataclass(frozen=True, eq=False, repr=False)
class Noted(Result):
    """A table with another note below it: shorter than its own, where that was given before."""

    whole: Result = None  # type: ignore[assignment]
    remark: str = ""

    def title(self) -> str:
        return self.whole.title()

    def columns(self) -> tuple[Column, ...]:
        return self.whole.columns()

    def note(self) -> str:
        return self.remark

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language, whole=self.whole.in_language(language))


def noted(result: Result, remark: str = "") -> Noted:
    """The table with this note, or with none."""
    return Noted(result.frame, result.language, result, remark)


def brief(result: Result) -> Result:
    """The result as it is, or with one word in the rows that are left out."""
    if "reason" not in result.frame or not (result.frame["reason"] == "suppressed").any():
        return result
    return Brief(result.frame, result.language, result)


def mean_points(points: Points, responses: Responses, language: Language) -> Listing:
    """What customers say counts: the mean of their 100 points for each dimension."""
    labels = responses.instrument.words()
    lines = [(say(labels.get(name, name), language), mean) for name, mean in points.means.items()]
    return Listing(pd.DataFrame(lines, columns=["dimension", "points"]), language, "mean points")


def item_words(responses: Responses, language: Language) -> Listing:
    """The items in the words in which they were asked."""
    labels = responses.instrument.words()
    lines = [
        (item.id, say(labels.get(item.dimension, ""), language), say(item.label, language), say(item.text, language))
        for item in responses.instrument.items
    ]
    return Listing(pd.DataFrame(lines, columns=["item", "dimension", "label", "text"]), language, "item words")


def faulty_cells(cases: pd.DataFrame, language: Language) -> Listing:
    """Cells that were set aside, as they stand in the files."""
    frame = cases.astype(object)
    frame = frame.where(frame.notna(), "")
    frame["problem"] = [_problem(str(text), language) for text in frame["problem"]]
    return Listing(frame, language, "faulty cells")


def _problem(text: str, language: str) -> str:
    if text.startswith("outside "):
        return word("problem: outside", language, range=text.removeprefix("outside "))
    return word(f"problem: {text}", language) if f"problem: {text}" in words() else text


def without_personal_data(cases: pd.DataFrame, named: Collection[tuple[str, str]] = ()) -> pd.DataFrame:
    """Faulty cells with telephone numbers and the like masked, wherever they stood.

    ``named`` are (file, column) that hold who a respondent is, as they stand: of these no value is shown.

    >>> without_personal_data(pd.DataFrame({"row": [3, 4], "value": ["138 1234 5678", "9"]}))["value"].tolist()
    ['[phone]', '9']
    """
    from servqual.privacy import mask_text

    if "value" not in cases:
        return cases
    values = [mask_text(cell) if isinstance(cell, str) else cell for cell in cases["value"]]
    if named:
        places = zip(cases["file"], cases["column"], strict=True)
        values = ["[respondent]" if place in named else value for place, value in zip(places, values, strict=True)]
    return cases.assign(value=values)


def kept_names(sides: Iterable[Responses]) -> set[tuple[str, str]]:
    """(file, column) of respondents that are kept as they stand in the files."""
    return {(side.source.name, side.respondent) for side in sides if side.personal_data is None and side.respondent}


def personal_data(found: Sequence[tuple[str, PersonalData]], language: Language) -> Listing:
    """How many cells held personal data of which kind, by file and column; never what stood there."""
    from servqual.privacy import ACTIONS, KINDS

    lines = [
        (file, row["column"], say(KINDS[row["kind"]], language), row["n"], say(ACTIONS[row["action"]], language))
        for file, data in found
        for _, row in data.frame.iterrows()
    ]
    frame = pd.DataFrame(lines, columns=["file", "column", "kind", "cells", "done"])
    return Listing(frame, language, "personal data", "personal data note")


def joint_tests(scores: GapScores, language: Language, hidden: Collection[tuple[Any, ...]] = ()) -> Listing:
    """One line per group: Hotelling's T² that all dimension gaps are zero, or why there is none.

    ``hidden`` are the groups whose test may not be shown.
    """
    lines: list[tuple[Any, ...]] = []
    for label, test in zip(scores.basis.labels, scores.joint, strict=True):
        group = scores.dimensions.group(label) or word("everybody", language)
        if tuple(label) in hidden:
            lines.append((group, *[None] * 6, word("left out", language)))
            continue
        reason = word("no joint test", language, reason=say(test.reason, language)) if test.reason else ""
        lines.append((group, test.t2, test.f, test.df1, test.df2, test.p, test.n, reason))
    frame = pd.DataFrame(lines, columns=["group", "t2", "f", "df1", "df2", "p", "n", "remark"])
    frame = frame.astype(dict.fromkeys(("df1", "n"), "Int64")).astype(dict.fromkeys(("t2", "f", "df2", "p"), float))
    frame = frame if frame["remark"].any() else frame.drop(columns="remark")
    return Listing(frame, language, "joint", "joint note")


def files(sources: Sequence[Source], language: Language) -> Listing:
    """The files a report was made from, with their checksums."""
    lines = [(source.name, source.encoding, source.n_raw, source.sha256) for source in sources]
    return Listing(pd.DataFrame(lines, columns=["file", "encoding", "n_raw", "sha256"]), language, "files")
