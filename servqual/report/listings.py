"""Small tables that only reports need: the items' words, faulty cells, joint tests, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from servqual.files import Source
from servqual.report.words import word, words
from servqual.responses import Responses
from survey_design.results import Column, Kind, Language, Result, say

if TYPE_CHECKING:
    from servqual.gaps import GapScores

_KINDS: Mapping[str, Kind] = {
    "t2": "number",
    "f": "number",
    "df1": "df",
    "df2": "df",
    "p": "p",
    "n": "count",
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
    frame = cases.astype(object).where(cases.notna(), "")
    frame["problem"] = [_problem(str(text), language) for text in frame["problem"]]
    return Listing(frame, language, "faulty cells")


def _problem(text: str, language: str) -> str:
    if text.startswith("outside "):
        return word("problem: outside", language, range=text.removeprefix("outside "))
    return word(f"problem: {text}", language) if f"problem: {text}" in words() else text


def joint_tests(scores: GapScores, language: Language) -> Listing:
    """One line per group: Hotelling's T² that all dimension gaps are zero, or why there is none."""
    lines = []
    for label, test in zip(scores.basis.labels, scores.joint, strict=True):
        group = scores.dimensions.group(label) or word("everybody", language)
        reason = word("no joint test", language, reason=say(test.reason, language)) if test.reason else ""
        lines.append((group, test.t2, test.f, test.df1, test.df2, test.p, test.n, reason))
    frame = pd.DataFrame(lines, columns=["group", "t2", "f", "df1", "df2", "p", "n", "remark"])
    frame = frame if frame["remark"].any() else frame.drop(columns="remark")
    return Listing(frame, language, "joint", "joint note")


def files(sources: Sequence[Source], language: Language) -> Listing:
    """The files a report was made from, with their checksums."""
    lines = [(source.name, source.encoding, source.n_raw, source.sha256) for source in sources]
    return Listing(pd.DataFrame(lines, columns=["file", "encoding", "n_raw", "sha256"]), language, "files")
