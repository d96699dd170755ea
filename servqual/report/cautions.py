"""What must be known about a file before its numbers are believed: too few people, no variation, guessed letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.report.words import word
from servqual.responses import Responses
from survey_design.files.table import Source
from survey_design.results import Variable, say

if TYPE_CHECKING:
    from servqual.instruments import Instrument

_LISTED = 5
_NAMES = {"en": {"en": "English", "zh": "Chinese"}, "zh": {"en": "英文", "zh": "中文"}}


def data_cautions(side: Responses, language: str) -> list[str]:
    """One respondent, answers that are all the same, rows that repeat another, one cluster: what holds for a file.

    Examples
    --------
    >>> from servqual.instruments import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 5] for column in instrument.columns("perception").values()})
    >>> data_cautions(Responses(data, instrument), "en")
    ['data frame: everyone gave the same answers, so nothing shows how far answers vary.']
    """
    file, found = side.source.name, []
    if side.n == 1:
        return [word("one respondent", language, file=file)]
    cluster = _only_cluster(side)
    if cluster:
        column = side.column_of(side.design.stages[0])
        named = {"by": column.heading(language), "value": column.show(cluster[0], language)}
        found.append(word("one cluster", language, file=file, **named))
    if all((side.answers(form).nunique() <= 1).all() for form in side.forms):
        found.append(word("same answers", language, file=file))
    elif side.rows_alike:
        found.append(word("rows alike", language, file=file, n=side.rows_alike, all=side.ledger.count("read")))
    return found + [say(remark, language) for remark in side.source.remarks]


def _only_cluster(side: Responses) -> tuple[Any, ...]:
    """The one cluster everybody comes from; empty if there are more, or none."""
    if not side.design.stages:
        return ()
    columns = [name for name in (side.design.stages[0], side.design.strata) if name]
    places = side.frame[columns].drop_duplicates()
    return tuple(places.iloc[0]) if len(places) == 1 else ()


def encoding_remark(
    source: Source, frame: pd.DataFrame, language: str, headings: Iterable[str] = (), table: str = "responses"
) -> str:
    """That a file's letters were guessed, with a word to judge the guess by; empty for UTF-8, a mark, and Excel.

    Parameters
    ----------
    source, frame : as :func:`survey_design.files.table.read_table` gives them
    headings : names of columns as they stand in the file, if the frame has others
    table : the table of study.toml in which the encoding can be named
    """
    from servqual.privacy import mask_personal_data, mask_text

    if not source.guess or source.encoding != "gb18030":
        return say(source.guess, language)
    frame, _ = mask_personal_data(frame)
    sample = mask_text(next((text for text in _texts(frame, headings) if not text.isascii()), ""))
    said = word("encoding guessed", language, file=source.name, table=table)
    return said + (word("encoding sample", language, sample=sample) if sample else "")


def _texts(frame: pd.DataFrame, headings: Iterable[str]) -> Iterator[str]:
    yield from map(str, headings)
    yield from map(str, frame.columns)
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            yield from (str(value) for value in frame[name].unique() if isinstance(value, str))


def language_remark(
    instrument: Instrument, variables: Mapping[str, Variable], language: str, wanted: str | None = None
) -> str:
    """Which labels and texts lack a language and are shown in another one; empty if none does.

    >>> from servqual.instruments import load_instrument
    >>> language_remark(load_instrument("retail-13"), {}, "zh")
    ''
    """
    wanted = wanted or language
    lacking = [name for name, text in _labels(instrument, variables) if text and not text.get(wanted)]
    if not lacking:
        return ""
    distinct = list(dict.fromkeys(lacking))
    shown = _joined(distinct[:_LISTED], language) + (" …" if len(distinct) > _LISTED else "")
    return word("no words", language, n=len(lacking), wanted=_NAMES[language][wanted], names=shown)


def _labels(instrument: Instrument, variables: Mapping[str, Variable]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every text that a report shows, under the id it is found by."""
    yield instrument.name, instrument.title
    for dimension in instrument.dimensions:
        yield dimension.id, dimension.label
    for item in instrument.items:
        yield item.id, item.label
        yield item.id, item.text
    for name, variable in variables.items():
        yield name, variable.label
        for code, text in variable.values.items():
            yield f"{name} {code}", text


def _joined(names: Sequence[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(names)
