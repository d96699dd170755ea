"""One row per respondent, or one row per answer? Long tables are made wide, and each answer keeps its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from servqual.answers import CONFLICT, is_blank, plain_id, text_of, texts_of
from servqual.instruments import Instrument
from survey_design.errors import DataError, SpecError, check_columns
from survey_design.files.columnar import plain
from survey_design.files.labelled import Labels
from survey_design.files.table import HEADER_REPEATED, Lines, Source
from survey_design.results import Text
from survey_design.sampling import SampleDesign

Layout = Literal["wide", "long"]
Array = np.ndarray[Any, Any]

NO_RESPONDENT = "no respondent or question"

LINE_STEPS: Mapping[str, Text] = {
    "lines read": {"en": "lines read", "zh": "读入行数"},
    "header repeated": {"en": "header repeated", "zh": "重复的表头"},
    "no respondent": {"en": "without respondent or question", "zh": "缺受访者或题目"},
    "said again": {"en": "said again or blank beside an answer", "zh": "重复作答或另有作答的空白"},
    "in conflict": {"en": "further answers that differ", "zh": "另有不同的回答"},
    "one answer each": {"en": "one for each respondent and question", "zh": "每人每题一行"},
}
_FORMS: Mapping[str, tuple[str, ...]] = {
    "expectation": ("期望",), "perception": ("感知",), "minimum": ("最低", "最低期望"), "desired": ("理想", "理想期望"),
}  # fmt: skip


@dataclass(frozen=True)
class Long:
    """The columns of a table with one line per answer: who answered, which question, what; and in which form."""

    respondent: str
    item: str = "question"
    answer: str = "answer"
    form: str | None = None

    def columns(self) -> list[str]:
        return [self.respondent, self.item, self.answer, *([self.form] if self.form else [])]


def to_wide(
    frame: pd.DataFrame, source: Source, long: Long, instrument: Instrument, design: SampleDesign | None = None
) -> tuple[pd.DataFrame, Source]:
    """A table with one line per answer as one row per respondent, in the order in which they first occur.

    Questions become columns: with ``form``, an item's id in a form ("perception", "感知", "P") is the instrument's
    column for it; without, a question is a column name, or an item's id if the instrument has one form. Questions the
    instrument does not know become columns too, so nothing is lost. An answer said twice counts once. Two different
    answers of one respondent to one question stay as both, a fault that :class:`servqual.Responses` lists at its line.
    Other columns are kept where they are constant within each respondent; those that differ are left out and named.

    Returns
    -------
    frame : DataFrame, one row per respondent
    source : Source
        With ``lines``: where each answer stood, and a count of lines that adds up to all that were read.

    Raises
    ------
    DataError
        If a column is missing, or a column of the design differs within a respondent; ``.cases`` has them all.

    Examples
    --------
    >>> from servqual import load_instrument
    >>> lines = pd.DataFrame({"id": [1, 1, 2], "question": ["TAN1", "TAN2", "TAN1"], "answer": [5, 6, 7]})
    >>> wide, source = to_wide(lines, Source(n_raw=3), Long("id"), load_instrument("servperf-22"))
    >>> wide.to_dict("list"), source.lines.counts[0]
    ({'id': [1, 2], 'P_TAN1': [5, 7], 'P_TAN2': [6, None]}, ('lines read', 3))
    """
    check_columns(long.columns(), frame.columns, source.name)
    if len(set(long.columns())) < len(long.columns()):
        raise SpecError(f"respondent, item, answer and form name {long.columns()}: each needs a column of its own.")
    table = _numbered_lines(frame, source, long, instrument)
    lone = (table["respondent"] == "") | (table["question"] == "")
    found = [(int(row) if isinstance(row, (int, np.integer)) else row, long.respondent, "", NO_RESPONDENT)
             for row in table.loc[lone, "line"]]  # fmt: skip
    table, others = table[~lone], frame[~lone.to_numpy()].drop(columns=[*long.columns()[1:]])
    if table.empty:
        raise DataError(f"{source.name}: no line names both a respondent and a question.")
    people, differing = _one_each(others, table, source, long, design or SampleDesign())
    answers, places, again, conflict = _spread(table)
    used = len(frame) - int(lone.sum()) - again - conflict
    counts = [("lines read", source.n_raw), (HEADER_REPEATED, source.n_header_repeated), ("no respondent", int(lone.sum())),
              ("said again", again), ("in conflict", conflict), ("one answer each", used)]  # fmt: skip
    wide = pd.concat([people, answers.drop(columns=people.columns.intersection(answers.columns))], axis=1)
    source = replace(
        source,
        rows=table.groupby("respondent", sort=False)["line"].first().to_numpy(),
        found=(*source.found, *found),
        labels=_labels_of(source.labels, long, list(answers.columns)),
        lines=Lines(places, tuple(counts)),
        remarks=(*source.remarks, *_left_out(source.name, differing)),
    )
    return wide, source


def _numbered_lines(frame: pd.DataFrame, source: Source, long: Long, instrument: Instrument) -> pd.DataFrame:
    """Each line's respondent, question, answer as text and as it stands, and its number in the file."""
    forms = texts_of(plain(frame[long.form])) if long.form else np.full(len(frame), "", dtype=object)
    items = texts_of(plain(frame[long.item]))
    known: dict[tuple[str, str], str] = {}
    for form, item in set(zip(forms, items, strict=True)):
        known[form, item] = _column_of(form, item, long, instrument)
    cells = plain(frame[long.answer])
    return pd.DataFrame(
        {
            "respondent": [plain_id(text) for text in texts_of(plain(frame[long.respondent]))],
            "question": [known[pair] for pair in zip(forms, items, strict=True)],
            "text": texts_of(cells),
            "cell": cells.astype(object).to_numpy(),
            "line": frame.index.to_numpy() if source.rows is None else source.rows,
        }
    )


def _column_of(form: str, item: str, long: Long, instrument: Instrument) -> str:
    """The column that a question of a long table stands for; its own name where the instrument doesn't know it."""
    ids = {one.id: one for one in instrument.items}
    outcomes = {one.id: one.column for one in instrument.outcomes}
    named = [one for one in instrument.forms if form and form.casefold() in _names_of(one)]
    if not long.form and len(instrument.forms) == 1:
        named = [instrument.forms[0]]
    if item in ids and named:
        return named[0].column_of(ids[item])
    own = {one.column_of(each) for one in instrument.forms for each in instrument.items}
    if item in own or item in outcomes or item in outcomes.values() or not (form and item):
        return outcomes.get(item, item)
    return f"{form} {item}"


def _names_of(form: Any) -> set[str]:
    prefix = form.column.replace("{id}", "").casefold()
    return {form.name, prefix, prefix.strip("_. -"), *_FORMS.get(form.name, ())} - {""}


def _spread(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, int, int]:
    """Answers and their lines, one row per respondent, one column per question; lines said again, and in conflict."""
    person, people = pd.factorize(table["respondent"])
    question, names = pd.factorize(table["question"])
    table = table.assign(person=person, question=question, blank=(table["text"] == "").to_numpy())
    chosen = table.sort_values("blank", kind="stable").drop_duplicates(["person", "question"])
    said = table[~table["blank"]].drop_duplicates(["person", "question", "text"])
    further = said[said.duplicated(["person", "question"])]
    again = len(table) - len(chosen) - len(further)
    cells = np.full((len(people), len(names)), None, dtype=object)
    lines = np.full(cells.shape, None, dtype=object)
    at = chosen["person"].to_numpy(), chosen["question"].to_numpy()
    cells[at], lines[at] = chosen["cell"].to_numpy(), chosen["line"].to_numpy()
    differing = [further[name].tolist() for name in ("person", "question", "text", "line")]
    for j, k, text, line in zip(*differing, strict=True):  # both answers stay, at the line of the last
        cells[j, k], lines[j, k] = f"{text_of(cells[j, k])}{CONFLICT}{text}", line
    first = table.groupby("person", sort=False)["line"].first().to_numpy()
    lines = np.where(lines == None, first[:, None], lines)  # noqa: E711 - element by element
    return pd.DataFrame(cells, columns=names), pd.DataFrame(lines, columns=names), again, len(further)


def _one_each(
    others: pd.DataFrame, table: pd.DataFrame, source: Source, long: Long, design: SampleDesign
) -> tuple[pd.DataFrame, list[str]]:
    """What is said of each respondent beside the answers, and the columns that differ within one."""
    people = table["respondent"].to_numpy()
    values, differing, cases = {}, [], []
    for name in others.columns:
        column = plain(others[name]).reset_index(drop=True)
        filled = ~is_blank(column)
        spelled = pd.DataFrame({"person": people, "text": _comparable(column, name == long.respondent)})[filled]
        first = spelled.drop_duplicates("person")
        odd = spelled["text"].to_numpy() != spelled["person"].map(first.set_index("person")["text"]).to_numpy()
        if odd.any():
            differing.append(str(name))
            cases += [(source.name, row, name, value, "differs within the respondent")
                      for row, value in zip(table["line"].to_numpy()[filled][odd], spelled["text"][odd], strict=True)]  # fmt: skip
        chosen = dict(zip(first["person"], column.loc[first.index], strict=True))
        values[name] = [chosen.get(person) for person in dict.fromkeys(people)]
    _refuse_differing(differing, cases, source.name, design)
    kept = {name: _tight(cells) for name, cells in values.items() if name not in differing}
    return pd.DataFrame(kept), differing


def _comparable(column: pd.Series, is_id: bool) -> list[str]:
    return [plain_id(text) if is_id else text for text in texts_of(column)]


def _tight(cells: Sequence[Any]) -> pd.Series:
    """Numbers as a column of numbers, everything else as objects."""
    column = pd.Series(cells, dtype=object)
    numbers = {type(value) for value in cells} <= {int, float} and not column.isna().any()
    return column.infer_objects() if numbers else column


def _refuse_differing(differing: list[str], cases: list[Any], name: str, design: SampleDesign) -> None:
    wanted = [column for column in design.column_names() if column in differing]
    if not wanted:
        return
    listed = pd.DataFrame(cases, columns=["file", "row", "column", "value", "problem"])
    listed = listed[listed["column"].isin(wanted)].reset_index(drop=True)
    rows = ", ".join(map(str, listed["row"].head(5))) + (", …" if len(listed) > 5 else "")
    raise DataError(
        f"{name}: {', '.join(wanted)} of the design must be the same in all lines of a respondent, and differs in "
        f"{len(listed)} of them (rows {rows}). Correct these lines.",
        listed,
    )


def _labels_of(labels: Labels, long: Long, questions: Sequence[str]) -> Labels:
    """Labels for the wide table; what a file declares as missing among the answers holds for every question."""
    declared = labels.missing.get(long.answer, ())
    return replace(labels, missing={**labels.missing, **(dict.fromkeys(questions, declared) if declared else {})})


def _left_out(name: str, differing: Sequence[str]) -> tuple[Text, ...]:
    if not differing:
        return ()
    return (
        {
            "en": f"{name}: left out because they differ between the lines of a respondent: {', '.join(differing)}.",
            "zh": f"{name}：同一受访者各行取值不一，未保留：{'、'.join(differing)}。",
        },
    )
