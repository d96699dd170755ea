"""What were weights calibrated to? The known totals that a design carries, so that errors can count them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError
from survey_design.results import Text, spaced

Array = NDArray[Any]
How = Literal["raked", "post-stratified", "calibrated"]

HOW_WORDS: dict[str, Text] = {
    "raked": {"en": "raked to {margins}", "zh": "经迭代比例调整（raking）校准至{margins}"},
    "post-stratified": {"en": "post-stratified by {margins}", "zh": "按{margins}事后分层"},
    "calibrated": {"en": "calibrated to {margins}", "zh": "校准至{margins}"},
}
EVERYBODY: Text = {"en": "the population's size", "zh": "总体规模"}
_MOST_LISTED = 8
_SMALL = 2**16  # whole numbers within a range this wide are their own codes


@dataclass(frozen=True)
class Margin:
    """One known distribution or total of the population.

    Attributes
    ----------
    columns : the column, or several for a crossed margin; none for the size of the population alone
    categories : the labels of each category as texts, one per column; none where a number is summed
    totals : people per category, or the sum of the numeric column over the population

    Examples
    --------
    >>> margin = Margin(("tier",), (("core",), ("other",)), (60.0, 40.0))
    >>> margin.codes(pd.DataFrame({"tier": ["other", "core", "new"]})).tolist(), margin.name()
    ([1, 0, -1], 'tier')
    """

    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    totals: tuple[float, ...]

    @property
    def is_numeric(self) -> bool:
        """True if the total of a numeric column is known, not people per category."""
        return not self.categories

    def name(self, language: str = "en", labels: Mapping[str, str] | None = None) -> str:
        """The margin in words: tier, or tier × sex where it is crossed; ``labels`` say what columns are called."""
        called = labels or {}
        return " × ".join(called.get(name, name) for name in self.columns) or EVERYBODY[language]

    def codes(self, frame: pd.DataFrame) -> Array:
        """(n,) position of each row's category; -1 where it has none of them."""
        code, labels = crossed_codes(frame, self.columns)
        place = {category: k for k, category in enumerate(self.categories)}
        return np.array([*(place.get(label, -1) for label in labels), -1])[code]

    def values(self, frame: pd.DataFrame, where: str = "the data") -> Array:
        """(n, k) 1 in the column of each row's category, or (n, 1) the numbers that are summed."""
        if self.is_numeric:
            return frame[[self.columns[0]]].to_numpy(float)
        code = self.codes(frame)
        if (code < 0).any():
            rows = frame.index[code < 0]
            cases = pd.DataFrame(
                {"file": where, "row": rows, "column": self.name(), "problem": "no category of the margin"}
            )
            listed = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
            raise DataError(f"{where}: {len(rows)} rows (rows {listed}) have no category of the margin {self.name()!r} that weights "
                            "were calibrated to. Calibrate the weights on these rows.", cases)  # fmt: skip
        return np.asarray(code[:, None] == np.arange(len(self.categories)), dtype=float)


@dataclass(frozen=True)
class Margins:
    """All totals that the weights of a design were calibrated to, and from which weights.

    Attributes
    ----------
    parts : the margins
    how : {"raked", "post-stratified", "calibrated"}
    base_weight : column of the weights before calibration; None where everybody counted the same
    untrimmed_weight : column of the calibrated weights before they were trimmed, where they were
    """

    parts: tuple[Margin, ...]
    how: How = "calibrated"
    base_weight: str | None = None
    untrimmed_weight: str | None = None

    @property
    def size(self) -> int:
        """How many totals are known."""
        return sum(len(part.totals) for part in self.parts)

    def weight_columns(self) -> list[str]:
        """The columns of other weights that errors need."""
        return [name for name in (self.base_weight, self.untrimmed_weight) if name]

    def measured_columns(self) -> list[str]:
        """The columns whose sums are known."""
        return [part.columns[0] for part in self.parts if part.is_numeric]

    def column_names(self) -> list[str]:
        """Every column that is needed, each once."""
        named = [*self.weight_columns(), *(name for part in self.parts for name in part.columns)]
        return list(dict.fromkeys(named))

    def words(self, language: str = "en", labels: Mapping[str, str] | None = None) -> str:
        """How the weights were made, in words: raked to tier and sex; ``labels`` say what columns are called."""
        names = [part.name(language, labels) for part in self.parts]
        listed = listed_words(names, language)
        said = HOW_WORDS[self.how][language].format(margins=listed)
        return spaced(said) if language == "zh" else said

    def rows(self, frame: pd.DataFrame, weight: Array) -> Array:
        """(n, 2 size) what errors need of each row: its margins' values twice, under two weights.

        With x a row's margin values, d its base weight, c its calibrated weight and w the weight in use (c unless
        trimmed): ``x c/w``, then ``x d/c``. Products of the two halves under w are then products of x under d.
        """
        x = np.concatenate([part.values(frame) for part in self.parts], axis=1)
        base = np.ones(len(frame)) if self.base_weight is None else frame[self.base_weight].to_numpy(float)
        own = weight if self.untrimmed_weight is None else frame[self.untrimmed_weight].to_numpy(float)
        return np.concatenate([x * (own / weight)[:, None], x * (base / own)[:, None]], axis=1)

    def reached(self, frame: pd.DataFrame, weight: Array) -> Array:
        """(size,) totals that these rows add up to under a weight."""
        return np.concatenate([part.values(frame).T @ weight for part in self.parts])


def listed_words(names: Sequence[str], language: str) -> str:
    """Names in a row: a, b and c; of many the first ones."""
    more = len(names) - _MOST_LISTED
    if more > 0:
        rest = f"另 {more} 项" if language == "zh" else f"{more} more"
        names = [*names[:_MOST_LISTED], rest]
    if language == "zh":
        return "、".join(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def label_text(value: Any) -> str:
    """A category in one spelling: 1, 1.0 and "1" are the same one.

    >>> label_text(1.0), label_text(np.int64(1)), label_text("1"), label_text(True)
    ('1', '1', '1', 'True')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def crossed_codes(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[Array, list[tuple[str, ...]]]:
    """(n,) code of each row's combination of labels, and these; the last code stands for rows that lack one.

    >>> crossed_codes(pd.DataFrame({"a": ["x", None, "y"]}), ["a"])
    (array([0, 2, 1]), [('x',), ('y',)])
    """
    code: Array = np.zeros(len(frame), dtype=np.intp)
    known: list[tuple[str, ...]] = [()]
    for k, name in enumerate(columns):
        own, labels = column_codes(frame[name])
        if k == 0:
            code, known = own, [(label,) for label in labels]
            continue
        lacking = (code == len(known)) | (own == len(labels))
        code = np.where(lacking, len(known) * len(labels), code * len(labels) + own)
        known = [(*label, other) for label in known for other in labels]
    return code, known


def column_codes(column: pd.Series) -> tuple[Array, list[str]]:
    """(n,) code of each row's label, and the labels as texts; the last code stands for rows without one."""
    code: Array
    labels: Any
    if isinstance(column.dtype, pd.CategoricalDtype):
        code, labels = column.cat.codes.to_numpy().astype(np.intp), column.cat.categories.tolist()
    elif isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu" and len(column):
        values = column.to_numpy()
        low, high = int(values.min()), int(values.max())
        if high - low < _SMALL:
            return values.astype(np.intp) - low, [str(value) for value in range(low, high + 1)]
        code, labels = pd.factorize(values)
    else:
        code, found = pd.factorize(column)
        labels = found.tolist()
    texts = [label_text(label) for label in labels]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < len(texts):  # 1 and "1" in one column
        place = {text: k for k, text in enumerate(distinct)}
        code = np.array([*(place[text] for text in texts), -1])[code]
    if len(code) and code.min() < 0:
        code = np.where(code < 0, len(distinct), code)
    return code, distinct
