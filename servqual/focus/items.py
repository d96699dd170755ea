"""From talk to questions: themes that were heard often enough become candidate items, each with its trail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from servqual.focus.mentions import themes
from servqual.focus.statements import Statements
from servqual.instruments import Dimension, Form, Instrument, Item
from survey_design.errors import SpecError
from survey_design.outputs import write_whole
from survey_design.questionnaire import Scale
from survey_design.results import Column, Result, Text

TRAIL = "theme"  # the key of an item's ``maps_to`` that names its code

REASONS: dict[str, Text] = {
    "": {"en": "", "zh": ""},
    "sessions": {"en": "heard in too few sessions", "zh": "提及场次过少"},
    "speakers": {"en": "brought up by too few people", "zh": "提及人数过少"},
    "silent": {"en": "not heard", "zh": "未被提及"},
}
_LEADS: dict[str, Text] = {
    "expectation": {"en": "Think of an excellent company of this kind. What level would it reach in …",
                    "zh": "请想象一家同类的优秀企业。它在以下方面会达到什么水平：……"},
    "perception": {"en": "Think of the company that you visited. What level did it reach in …",
                   "zh": "请想一想您到访的企业。它在以下方面达到了什么水平：……"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class CandidateItems(Result):
    """Themes with what became of them. Frame columns: ``theme, item`` (empty where it is left out), ``dimension``, ``statements,
    speakers, sessions, share, segments`` (in which it was heard), ``example`` (id of a statement), ``kept, reason``.

    Attributes
    ----------
    dimensions : ids and labels of the dimensions that items go into
    """

    statements: Statements = None  # type: ignore[assignment]
    dimensions: Mapping[str, Text] = field(default_factory=dict)
    minimum_sessions: int = 2
    minimum_speakers: int = 2

    def title(self) -> str:
        return "候选题项" if self.language == "zh" else "Candidate items"

    def columns(self) -> tuple[Column, ...]:
        yes: Mapping[Any, Text] = {True: {"en": "yes", "zh": "是"}, False: {"en": "no", "zh": "否"}}
        return (
            Column("theme", {"en": "theme", "zh": "主题"}, "text", self.statements.code_frame.words()),
            Column("item", {"en": "item", "zh": "题项"}),
            Column("dimension", {"en": "dimension", "zh": "维度"}, "text", self.dimensions),
            Column("speakers", {"en": "speakers", "zh": "发言人数"}, "count"),
            Column("sessions", {"en": "sessions", "zh": "场次数"}, "count"),
            Column("segments", {"en": "segments", "zh": "细分数"}, "count"),
            Column("kept", {"en": "kept", "zh": "保留"}, "text", yes),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS),
        )

    def note(self) -> str:
        if self.language == "zh":
            return (f"保留至少 {self.minimum_speakers} 人、{self.minimum_sessions} 场提及的主题。题项措辞为编码名称或编码表中的 item，"
                    "须由研究者改写并预试；提及次数不等于重要程度。")  # fmt: skip
        return (f"Themes that {self.minimum_speakers} speakers or more brought up in {self.minimum_sessions} sessions or more are kept. The "
                "wording is the code's, a draft to be rewritten and tried out; what is said often need not matter most.")  # fmt: skip

    def sentence(self) -> str:
        """How many themes became items."""
        kept, heard = int(self.frame["kept"].sum()), int((self.frame["statements"] > 0).sum())
        used = self.frame.loc[self.frame["kept"], "dimension"].nunique()
        if self.language == "zh":
            return f"听到 {heard} 个主题，其中 {kept} 个成为 {used} 个维度的候选题项。"
        return f"{kept} of {heard} themes heard become candidate items in {used} dimension{'s' * (used != 1)}."

    def instrument(self, name: str, *, title: Text | None = None, points: int = 7) -> Instrument:
        """The candidate items as an instrument that asks expectations and perceptions.

        An item's ``maps_to["theme"]`` is its code and its ``category`` the code's own dimension: the trail from what was said to
        what is asked.
        """
        items, known = [], self.statements.code_frame
        for row in self.frame[self.frame["kept"]].to_dict("records"):
            code = known.code(str(row["theme"]))
            items.append(Item(str(row["item"]), str(row["dimension"]), code.label, code.item or code.label,
                              maps_to={TRAIL: code.id}, category=code.dimension))  # fmt: skip
        if not items:
            raise SpecError(
                "no theme was heard often enough to become an item. Lower minimum_sessions or minimum_speakers."
            )
        used = dict.fromkeys(item.dimension for item in items)
        n, sessions = self.statements.n, len(self.statements.sessions)
        return Instrument(
            name, "draft", title or {"en": f"{name}: candidate items from focus groups", "zh": f"{name}：座谈会候选题项"},
            f"{n} statements of {sessions} focus groups, coded with '{known.name}'; wording to be tested.",
            Scale(1, points, {"en": "Very low", "zh": "非常低"}, {"en": "Very high", "zh": "非常高"}),
            tuple(Form(form, f"{form[0].upper()}_{{id}}", _LEADS[form]) for form in ("expectation", "perception")),
            tuple(Dimension(each, self.dimensions.get(each, {"en": each})) for each in used), tuple(items),
            language=self.language,
        )  # fmt: skip

    def write_instrument(self, path: str | Path, *, name: str | None = None, points: int = 7) -> Path:
        """The instrument as a TOML file for :func:`~servqual.instruments.load_instrument`, to be edited there.

        Each item is preceded by a comment with its trail: theme, people, sessions and an example.
        """
        path = Path(path)
        if path.suffix.lower() != ".toml":
            raise SpecError(f"{path.name} does not end in .toml. Instruments are TOML files.")
        instrument = self.instrument(name or path.stem, points=points)
        text = "\n".join(_toml(instrument, self.frame)) + "\n"
        return write_whole(path, text.encode("utf-8"))


def candidate_items(
    statements: Statements,
    *,
    minimum_sessions: int = 2,
    minimum_speakers: int = 2,
    counted: str = "any",
    dimensions: Mapping[str, str] | None = None,
    labels: Mapping[str, Text] | None = None,
) -> CandidateItems:
    """Themes that were heard often enough, as candidate items for the questionnaire.

    Parameters
    ----------
    statements : Statements
    minimum_sessions, minimum_speakers : a theme must come up in so many sessions, from so many people (each session's own;
        nobody is counted where the file names no speakers)
    counted : as in :func:`~servqual.focus.mentions.themes`
    dimensions : code or dimension of the code frame -> dimension of the questionnaire (``{"service_elements.timeliness":
        "responsiveness"}``); a code's own mapping comes first. By default a code stays in its dimension
    labels : of the questionnaire's dimensions

    Notes
    -----
    Nothing is dropped silently: themes below the marks stay in the table with the reason. A theme of two sessions does not
    rest on one table and one loud voice; two is a floor, not a proof.

    Raises
    ------
    SpecError
        If ``dimensions`` names what is not in the code frame.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> found = candidate_items(read_statements("data/sample/statements.csv"), minimum_sessions=3)
    >>> item = found.instrument("from-voices").items[0]
    >>> item.id, item.maps_to
    ('service_information_in_store', {'theme': 'service_information.in_store'})
    """
    for key, value in (("minimum_sessions", minimum_sessions), ("minimum_speakers", minimum_speakers)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SpecError(f"{key}={value!r} is not a whole number of 1 or more.")
    frame, moved = statements.code_frame, dict(dimensions or {})
    known = {*(code.id for code in frame.codes), *(each.id for each in frame.dimensions)}
    strange = [name for name in moved if name not in known]
    if strange:
        raise SpecError(
            f"dimensions= names {', '.join(map(repr, strange))}, which code frame '{frame.name}' does not have."
        )
    told = themes(statements, counted=counted).frame
    given, _ = statements.given(counted)
    table = told[["theme", "statements", "speakers", "sessions", "share"]].copy()
    homes = [moved.get(code.id, moved.get(code.dimension, code.dimension)) for code in frame.codes]
    table.insert(1, "dimension", homes)
    table["segments"] = [statements.frame.loc[given[:, k], "segment"].nunique() for k in range(len(frame.codes))]
    table["example"] = [_example(statements, given[:, k]) for k in range(len(frame.codes))]
    least = minimum_speakers if statements.frame["speaker"].notna().any() else 0  # nobody can be counted
    few = np.where(
        table["sessions"] < minimum_sessions, "sessions", np.where(table["speakers"] < least, "speakers", "")
    )
    table["reason"] = np.where(table["statements"] == 0, "silent", few)
    table["kept"] = table["reason"] == ""
    ids = dict(zip(table["theme"], _item_ids(table["theme"].tolist()), strict=True))
    table.insert(
        1, "item", [ids[name] if kept else "" for name, kept in zip(table["theme"], table["kept"], strict=True)]
    )
    words = {each.id: each.label for each in frame.dimensions} | dict(labels or {})
    return CandidateItems(
        table, statements.language, statements=statements, dimensions={name: words.get(name, {"en": name}) for name in homes},
        minimum_sessions=minimum_sessions, minimum_speakers=minimum_speakers,
    )  # fmt: skip


def _example(statements: Statements, where: Any) -> str:
    """The first statement that bears the theme."""
    hit = np.flatnonzero(where)
    return str(statements.frame["statement"][hit[0]]) if len(hit) else ""


def _item_ids(codes: list[str]) -> Iterator[str]:
    """Names for columns of data: letters of any script, digits and _; every one its own."""
    taken: set[str] = set()
    for code in codes:
        name = stem = re.sub(r"\W+", "_", code).strip("_") or "item"
        k = 2
        while name.casefold() in taken:
            name, k = f"{stem}_{k}", k + 1
        taken.add(name.casefold())
        yield name


# --- the file ----------------------------------------------------------------------------------------------


def _toml(instrument: Instrument, frame: pd.DataFrame) -> Iterator[str]:
    trails = frame.set_index("item")
    yield "# Candidate items from focus groups: a draft. Rewrite the texts, try them out, then drop what does not work."
    yield f"name = {_quoted(instrument.name)}"
    yield f"version = {_quoted(instrument.version)}"
    yield from _text("title", instrument.title)
    yield f"source = {_quoted(instrument.source)}"
    yield from ("", "[scale]", f"points = {instrument.scale.high}")
    yield from (*_text("low", instrument.scale.low_label), *_text("high", instrument.scale.high_label))
    for form in instrument.forms:
        yield from ("", f"[forms.{form.name}]", f"column = {_quoted(form.column)}", *_text("lead", form.lead))
    for dimension in instrument.dimensions:
        yield from ("", "[[dimensions]]", f"id = {_quoted(dimension.id)}", *_text("label", dimension.label))
    for item in instrument.items:
        trail = trails.loc[item.id]
        yield from ("", f"# {item.maps_to[TRAIL]}: {trail['speakers']} speakers in {trail['sessions']} sessions, such as "
                    f"statement {_comment(trail['example'])}", "[[items]]")  # fmt: skip
        yield from (
            f"id = {_quoted(item.id)}",
            f"dimension = {_quoted(item.dimension)}",
            f"category = {_quoted(item.category)}",
        )
        yield f"maps_to = {{ {TRAIL} = {_quoted(item.maps_to[TRAIL])} }}"
        yield from (*_text("label", item.label), *_text("text", item.text))


def _text(key: str, text: Text) -> Iterator[str]:
    yield from (f"{key}.{language} = {_quoted(words)}" for language, words in text.items())


def _quoted(text: str) -> str:
    """A TOML basic string; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: Any) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", str(text))
