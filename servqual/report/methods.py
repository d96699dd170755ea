"""What each number of a report is: its formula in words, the function that computes it, where it comes from."""

from __future__ import annotations

from collections.abc import Iterable

from servqual.report.document import Entry
from servqual.report.words import read_words
from survey_design.results import say


def method_entries(used: Iterable[str], language: str) -> tuple[Entry, ...]:
    """The methods used, in the order of ``methods.toml``.

    >>> [entry.name for entry in method_entries({"holm", "gap"}, "en")]
    ['Gap', 'Holm correction']
    """
    chosen = set(used)
    return tuple(
        Entry(
            say(method["name"], language),
            say(method["formula"], language),
            method["function"],
            method.get("reference", ""),
            method.get("doi", ""),
        )
        for name, method in read_words("methods.toml").items()
        if name in chosen
    )


def column_entries(interval: type, language: str) -> tuple[Entry, ...]:
    """One entry per column of a table of gaps: what it is, and the function that computes it.

    >>> from servqual.inference import Taylor
    >>> entries = {entry.name: entry.function for entry in column_entries(Taylor, "en")}
    >>> entries["SE"], entries["deff"]
    ('servqual.inference.Taylor.spread', 'servqual.inference.srs_variance')
    """
    kind = f"{interval.__module__}.{interval.__qualname__}"
    return tuple(
        Entry(say(column["name"], language), say(column["text"], language), column["function"].format(interval=kind))
        for column in read_words("columns.toml").values()
    )
