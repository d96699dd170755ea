"""How does a package show its names without loading every chapter? A name fetches its chapter when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names_of(chapters: Mapping[str, str]) -> list[str]:
    """All names, chapter by chapter.

    >>> names_of({"survey_design.errors": "DataError SpecError", "survey_design.sampling": "SampleDesign"})
    ['DataError', 'SpecError', 'SampleDesign']
    """
    return [name for listed in chapters.values() for name in listed.split()]


def fetcher(package: str, chapters: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` (PEP 562): the chapter that has a name is imported when somebody asks for it.

    Parameters
    ----------
    package : name of the package, for the error that unknown names raise
    chapters : full name of each module -> its public names, in one text

    >>> fetch = fetcher("survey_design", {"survey_design.sampling": "SampleDesign"})
    >>> fetch("SampleDesign").__name__
    'SampleDesign'
    >>> fetch("Sampler")
    Traceback (most recent call last):
    ...
    AttributeError: module 'survey_design' has no attribute 'Sampler'
    """
    home = {name: chapter for chapter, listed in chapters.items() for name in listed.split()}

    def fetch(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home[name]), name)

    return fetch
