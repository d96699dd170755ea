"""How every result shows itself: one table at full precision, one title, one note.

A result is a frozen value. Its class declares a title, its columns and a note; text, HTML, Markdown
and CSV follow from here and from nowhere else. Numbers stay exact; rounding happens in display.
"""

from __future__ import annotations

import csv
import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from survey_design.errors import check_choice

Language = Literal["en", "zh"]
Text = Mapping[str, str]
Kind = Literal["text", "count", "number", "signed", "share", "p", "df"]

_MEETING = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def say(text: Text | str, language: str) -> str:
    """The words of a text in one language, English where that language is not given.

    >>> say({"en": "store", "zh": "门店"}, "zh"), say({"en": "store"}, "zh"), say("门店", "en")
    ('门店', 'store', '门店')
    """
    if isinstance(text, str):
        return text
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


@dataclass(frozen=True)
class Column:
    """One column of a result: its name in the frame, its heading, and how its values are shown.

    ``words`` translates coded values (a dimension's id) into labels; the frame keeps the code.

    >>> Column("p", {"en": "p", "zh": "p"}, "p").show(0.00002, "en")
    '<.001'
    >>> Column("gap", {"en": "gap", "zh": "差距"}, "signed").show(-0.8249, "zh")
    '−0.82'
    """

    name: str
    label: Text
    kind: Kind = "text"
    words: Mapping[str, Text] = field(default_factory=dict)
    decimals: int = 2

    def heading(self, language: str) -> str:
        return say(self.label, language)

    def show(self, value: Any, language: str) -> str:
        if self.kind == "text":
            return "" if is_missing(value) else say(self.words.get(value, str(value)), language)
        return "–" if is_missing(value) or not np.isfinite(value) else _number(float(value), self.kind, self.decimals)


@dataclass(frozen=True)
class Variable:
    """What a column of the data and its codes are called, in both languages.

    >>> tier = Variable({"en": "tier", "zh": "门店层级"}, {"core": {"en": "core", "zh": "核心店"}})
    >>> tier.column("tier").show("core", "zh")
    '核心店'
    """

    label: Text = field(default_factory=dict)
    values: Mapping[Any, Text] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of a result that shows this variable."""
        return Column(name, self.label or {"en": name}, "text", self.values)


def spaced(text: str) -> str:
    """A space wherever Latin letters or figures meet Chinese characters, as in "按 tier 分层".

    >>> spaced("校准至tier、年龄"), spaced("校准至门店层级")
    ('校准至 tier、年龄', '校准至门店层级')
    """
    return _MEETING.sub(" ", text)


def is_missing(value: Any) -> bool:
    """True for None, NaN, NaT and NA.

    >>> is_missing(float("nan")), is_missing(""), is_missing(None)
    (True, False, True)
    """
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and bool(np.isnan(value)))


def _number(value: float, kind: Kind, decimals: int) -> str:
    if kind == "p":
        return "<.001" if value < 0.0005 else f"{value:.3f}".lstrip("0")
    if kind == "share":
        shown, unit = f"{100 * abs(value):.0f}", "%"
    else:
        places = {"count": 0, "df": 0 if value == round(value) else 1}.get(kind, decimals)
        shown, unit = f"{abs(value):,.{places}f}", ""
    zero = not shown.strip("0.,")
    sign = "" if zero else "−" if value < 0 else "+" if kind == "signed" else ""
    return sign + shown + unit


@dataclass(frozen=True)
class Estimate:
    """One number with its error and its base.

    Attributes
    ----------
    value, se : the estimate and its standard error
    low, high : bounds of the interval at ``level``
    n, df : answers used, and degrees of freedom of the interval
    p : two-sided p-value against ``null`` (nan where nothing is tested)
    method : how the interval was made, in words
    reason : why a number is missing, empty where nothing is

    >>> Estimate(-0.82, 0.1, -1.02, -0.62, 212, 23.0, 0.95).interval()
    '95% CI −1.02 to −0.62'
    """

    value: float
    se: float
    low: float
    high: float
    n: int
    df: float
    level: float = 0.95
    p: float = float("nan")
    deff: float = float("nan")
    method: str = ""
    reason: str = ""

    def interval(self, language: str = "en", decimals: int = 2) -> str:
        """The interval in words."""
        if not (np.isfinite(self.low) and np.isfinite(self.high)):
            return "无区间" if language == "zh" else "no interval"
        low, high = (_number(bound, "number", decimals) for bound in (self.low, self.high))
        percent = f"{100 * self.level:g}%"
        return f"{percent} 置信区间 {low} 至 {high}" if language == "zh" else f"{percent} CI {low} to {high}"


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A table at full precision that can show itself.

    Subclasses declare :meth:`title`, :meth:`columns` and :meth:`note`. ``language`` and ``called`` only change the
    display: ``result.in_language("zh")`` and ``result.with_labels(…)`` hold the same numbers.
    """

    frame: pd.DataFrame
    language: Language = "en"
    called: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        check_choice("language", self.language, Language)

    def title(self) -> str:
        raise TypeError(f"{type(self).__name__} must declare a title")

    def columns(self) -> tuple[Column, ...]:
        raise TypeError(f"{type(self).__name__} must declare its columns")

    def note(self) -> str:
        return ""

    def in_language(self, language: Language) -> Self:
        """The same result, shown in English (``"en"``) or Chinese (``"zh"``)."""
        return replace(self, language=language)

    def with_labels(self, labels: Mapping[str, Any]) -> Self:
        """The same result with columns of the data, and their codes, shown by name.

        Parameters
        ----------
        labels : mapping from column to :class:`Variable` (the ``variables`` of answers will do), or to a text where only
            the column has a name

        >>> kiosks = pd.DataFrame({"tier": ["kiosk", "street"], "size": [100, 300]})
        >>> from survey_design.sampling.allocation import allocate
        >>> named = allocate(kiosks, 40, by="tier").with_labels(
        ...     {
        ...         "tier": Variable(
        ...             {"en": "kind of store", "zh": "门店类型"}, {"kiosk": {"en": "kiosk", "zh": "售货亭"}}
        ...         )
        ...     }
        ... )
        >>> named.in_language("zh").shown()["门店类型"].tolist(), named.frame["tier"].tolist()
        (['售货亭', 'street'], ['kiosk', 'street'])
        """
        return replace(self, called=dict(labels))

    def column_words(self, name: str) -> str:
        """A column of the data in words, its own name where it has no label."""
        return say(self._variable(name).label, self.language) or name

    def value_words(self, name: str, value: Any) -> str:
        """A code of a column in words, the code itself where it has no label."""
        values = self._variable(name).values
        words = values.get(value) or {str(code): text for code, text in values.items()}.get(str(value))
        return say(words, self.language) if words else str(value)

    def _variable(self, name: str) -> Variable:
        told = self.called.get(name, {})
        return told if hasattr(told, "values") and hasattr(told, "label") else Variable(told)

    def _labelled(self, column: Column) -> Column:
        """A declared column under the label that was given for it."""
        if column.name not in self.called:
            return column
        given = self._variable(column.name)
        return replace(column, label=given.label or column.label, words={**column.words, **given.values})

    def to_frame(self) -> pd.DataFrame:
        """The tidy table at full precision, as a copy that may be changed."""
        return self.frame.copy()

    def shown(self) -> pd.DataFrame:
        """The table as text: headings in the result's language, numbers rounded."""
        columns = self._shown_columns()
        cells = [[column.show(value, self.language) for value in self.frame[column.name]] for column in columns]
        table = pd.DataFrame(dict(enumerate(cells)), dtype=object)
        return table.set_axis([column.heading(self.language) for column in columns], axis=1)

    def _shown_columns(self) -> list[Column]:
        """The declared columns that the frame has; the first of two with the same name."""
        named = {column.name: column for column in reversed(self.columns()) if column.name in self.frame.columns}
        shown = {column.name: named[column.name] for column in self.columns() if column.name in named}
        return [self._labelled(column) for column in shown.values()]

    def to_string(self) -> str:
        """Title, table and note as plain text; Chinese characters count two columns."""
        table = self.shown()
        lines = [[_one_line(cell) for cell in line] for line in (list(table.columns), *table.to_numpy().tolist())]
        widths = [max(_width(line[j]) for line in lines) for j in range(table.shape[1])]
        right = self._right_aligned()
        body = ["  ".join(_pad(cell, w, r) for cell, w, r in zip(line, widths, right, strict=True)).rstrip()
                for line in lines]  # fmt: skip
        return "\n".join([self.title(), *body, self.note()]).rstrip()

    def to_markdown(self) -> str:
        """Title, table and note as Markdown."""
        table = self.shown()
        rule = ["---:" if right else "---" for right in self._right_aligned()]
        cells = [[_markdown(cell) for cell in line] for line in (list(table.columns), *table.to_numpy().tolist())]
        lines = [cells[0], rule, *cells[1:]]
        body = ["| " + " | ".join(line) + " |" for line in lines]
        return "\n".join([f"**{self.title()}**", "", *body, "", self.note()]).rstrip() + "\n"

    def to_html(self) -> str:
        """The table as an HTML fragment; every text is escaped."""
        table, right = self.shown(), self._right_aligned()
        head = "".join(_cell("th", name, r) for name, r in zip(table.columns, right, strict=True))
        rows = "".join(
            "<tr>" + "".join(_cell("td", cell, r) for cell, r in zip(line, right, strict=True)) + "</tr>\n"
            for line in table.to_numpy().tolist()
        )
        note = f'<p class="note">{html.escape(self.note())}</p>' if self.note() else ""
        return (
            f'<table class="result">\n<caption>{html.escape(self.title())}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>{note}"
        )

    def to_csv(self, path: str | Path | None = None) -> str:
        """The table at full precision as CSV (UTF-8 with a mark, so that spreadsheets read Chinese).

        A text that a spreadsheet would run as a formula gets a leading apostrophe. The text is
        returned; with ``path`` it is also written there.
        """
        safe = defused(self.frame)
        broken = any("\r" in cell for name in safe.columns for cell in safe[name] if isinstance(cell, str))
        quoting: Literal[0, 2] = (
            csv.QUOTE_NONNUMERIC if broken else csv.QUOTE_MINIMAL
        )  # a bare carriage return would end the row
        text = safe.to_csv(index=False, lineterminator="\n", quoting=quoting)
        if path is not None:
            Path(path).write_text("\ufeff" + text, encoding="utf-8", newline="")
        return text

    def _right_aligned(self) -> list[bool]:
        return [column.kind != "text" for column in self._shown_columns()]

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return self.to_string()


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy in which no text can become a spreadsheet formula.

    >>> import pandas as pd
    >>> defused(pd.DataFrame({"comment": ["=1+1", "fine"]}))["comment"].tolist()
    ["'=1+1", 'fine']
    """
    safe = frame.set_axis([_defused(name) for name in frame.columns], axis=1)
    for k, name in enumerate(frame.columns):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            safe.isetitem(k, [_defused(cell) for cell in frame[name]])
    return safe


def _defused(cell: Any) -> Any:
    return "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _markdown(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank


def _cell(tag: str, text: str, right: bool) -> str:
    style = ' class="number"' if right else ""
    return f"<{tag}{style}>{html.escape(text)}</{tag}>"
