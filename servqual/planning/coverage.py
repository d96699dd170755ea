"""Do the drawn stores cover all kinds of place? Area types and regions, listed and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from survey_design.results import Column, Result, Text, say

_REASONS: Mapping[str, Text] = {"not covered": {"en": "not covered", "zh": "未覆盖"}}
_WORDS: Mapping[str, Text] = {
    "title": {"en": "Kinds of place, listed and drawn", "zh": "各类门店：名单与入样"},
    "all": {"en": "Every kind of place is covered.", "zh": "各类门店均已覆盖。"},
    "some": {"en": "No store was drawn of: {named}. Nothing can be said of them; give them a stratum of their own.",
             "zh": "以下类型没有门店入样：{named}。结果无法代表它们，可将其单独设为一层。"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Coverage(Result):
    """How many stores of each kind were listed and drawn. Frame columns: ``variable, value, listed, drawn, share, reason``.

    ``share`` is that of the listed stores; ``reason`` is "not covered" where none was drawn.

    Examples
    --------
    >>> stores = pd.DataFrame({"area": ["street", "mall", "mall"]})
    >>> coverage(stores, stores.iloc[:1], ["area"]).missed()
    ['mall']
    """

    def missed(self) -> list[str]:
        """The kinds of which no store was drawn."""
        return [str(value) for value in self._missed()["value"]]

    def _missed(self) -> pd.DataFrame:
        return self.frame[self.frame["drawn"] == 0]

    def title(self) -> str:
        return say(_WORDS["title"], self.language)

    def shown(self) -> pd.DataFrame:
        """The table as text; each kind by the name that its own column gives it."""
        pairs = zip(self.frame["variable"], self.frame["value"], strict=True)
        words = [(self.column_words(name), self.value_words(name, value)) for name, value in pairs]
        named = self.frame.assign(variable=[name for name, _ in words], value=[value for _, value in words])
        return Result.shown(replace(self, frame=named))

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("variable", {"en": "column", "zh": "列"}),
            Column("value", {"en": "kind", "zh": "类别"}),
            Column("listed", {"en": "stores listed", "zh": "名单门店数"}, "count"),
            Column("drawn", {"en": "stores drawn", "zh": "入样门店数"}, "count"),
            Column("share", {"en": "share drawn", "zh": "入样比例"}, "share"),
            Column("reason", {"en": "remark", "zh": "说明"}, words=_REASONS),
        )

    def note(self) -> str:
        missed = [
            self.value_words(name, value)
            for name, value in self._missed()[["variable", "value"]].itertuples(index=False)
        ]
        named = ("、" if self.language == "zh" else ", ").join(missed)
        return say(_WORDS["some" if missed else "all"], self.language).format(named=named)


def coverage(listed: pd.DataFrame, drawn: pd.DataFrame, by: Sequence[str]) -> Coverage:
    """The kinds of store that a list has and how many of each were drawn."""
    rows = []
    for name in by:
        chosen = drawn[name].astype(str).value_counts()
        for value, count in listed[name].astype(str).value_counts(sort=False).items():
            n = int(chosen.get(value, 0))
            rows.append((name, value, int(count), n, n / count, "" if n else "not covered"))
    return Coverage(pd.DataFrame(rows, columns=["variable", "value", "listed", "drawn", "share", "reason"]))
