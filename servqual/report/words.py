"""The fixed words of reports, in English and Chinese, each under one key of ``words.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from survey_design.results import Text, say

# Chinese typography sets a space between Chinese characters and Latin letters or figures.
_SCRIPTS_MEET = re.compile("(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")


def word(key: str, language: str, **values: Any) -> str:
    """The words under a key, with values filled in.

    >>> word("n rows shown", "en", shown=50, total=812)
    'The first 50 of 812 rows; the CSV holds all of them.'
    >>> word("by", "zh", by="tier"), word("by", "zh", by="门店层级")
    ('按 tier 分组', '按门店层级分组')
    """
    text = say(words()[key], language).format(**values)
    return _SCRIPTS_MEET.sub(" ", text) if language == "zh" else text


def words() -> Mapping[str, Text]:
    """Every key with its words."""
    return read_words("words.toml")["words"]


def not_measured() -> Mapping[str, Mapping[str, Text]]:
    """What a study could have but may lack: its ``name`` and what it ``needs``."""
    return read_words("words.toml")["not_measured"]


@cache
def read_words(file: str) -> Mapping[str, Any]:
    """One of the TOML files of words that come with this package."""
    return tomllib.loads((resources.files("servqual.report") / file).read_text(encoding="utf-8"))
