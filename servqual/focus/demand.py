"""What do customers want, and what did they find? Demand beside the present state, dimension by dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.focus.statements import Statements, Unit, base_words, count_speakers
from servqual.tabulation import check_split
from survey_design.errors import SpecError, check_columns
from survey_design.results import Column, Result, Text, say

Array = NDArray[Any]

REASONS: dict[str, Text] = {
    "": {"en": "", "zh": ""},
    "no sentiment": {
        "en": "nobody coded sentiment: what was found can't be judged",
        "zh": "无人工情感编码，无法评价现状",
    },
    "silent": {"en": "not spoken of", "zh": "未被提及"},
    "no demand": {"en": "found, but no demand was voiced", "zh": "只谈现状，未提需求"},
    "not experienced": {"en": "wanted, but nobody told what they found", "zh": "只提需求，未谈现状"},
}


@dataclass(frozen=True, eq=False, repr=False)
class DemandAndActual(Result):
    """Demand beside the present state. Frame columns: the split column, ``theme``; ``demand, actual`` (statements), ``speakers_demand,
    speakers_actual, sessions_demand``; of the statements on the present state ``negative, neutral, positive, unjudged``;
    ``unmet`` (negative over negative and positive), ``suggestions``, ``reason``."""

    statements: Statements = None  # type: ignore[assignment]
    by: str | None = None
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        return "需求与现状" if self.language == "zh" else "Demand and present state"

    def columns(self) -> tuple[Column, ...]:
        split = () if self.by is None else (self.statements.column_of(self.by),)
        return (
            *split,
            Column("theme", {"en": "dimension", "zh": "维度"}, "text", self.statements.code_frame.words()),
            Column("demand", {"en": "demands", "zh": "需求语句"}, "count"),
            Column("speakers_demand", {"en": "speakers", "zh": "提出者"}, "count"),
            Column("actual", {"en": "on what is", "zh": "现状语句"}, "count"),
            Column("negative", {"en": "negative", "zh": "负面"}, "count"),
            Column("neutral", {"en": "neutral", "zh": "中性"}, "count"),
            Column("positive", {"en": "positive", "zh": "正面"}, "count"),
            Column("unmet", {"en": "negative of signed", "zh": "负面占比"}, "share"),
            Column("suggestions", {"en": "suggestions", "zh": "建议"}, "count"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS),
        )

    def note(self) -> str:
        parts = [say(each, self.language) for each in self.remarks]
        if self.language == "zh":
            return (
                "；".join([*parts, "需求与现状、情感均由人工编码；负面占比 = 负面 ÷（负面 + 正面），仅作描述"]) + "。"
            )
        return "; ".join([*parts, "demand, present state and sentiment were coded by people; the share is negative over negative "
                          "and positive, a description of these sessions"]) + "."  # fmt: skip

    def sentence(self) -> str:
        """Where most demand meets most complaints."""
        zh, frame = self.language == "zh", self.frame
        if frame["unmet"].isna().all():
            return "现状没有可用的情感编码。" if zh else "No statement on the present state has a sentiment."
        row = frame.iloc[int(np.argmax((frame["demand"] * frame["unmet"]).fillna(-1)))]
        name = say(self.statements.code_frame.words()[str(row["theme"])], self.language)
        signed = int(row["negative"] + row["positive"])
        if zh:
            return (f"“{name}”的需求最多而现状评价最差，共 {int(row['speakers_demand'])} 人提出 {int(row['demand'])} 条需求，"
                    f"现状 {signed} 条有正负评价的语句中 {int(row['negative'])} 条为负面。")  # fmt: skip
        return (f"Most demand meets the worst of what was found in '{name}'. {int(row['demand'])} demands by {int(row['speakers_demand'])} "
                f"speakers; {int(row['negative'])} of {signed} signed statements on the present state are negative.")  # fmt: skip


def demand_and_actual(
    statements: Statements, *, by: str | None = None, of: Unit = "dimension", counted: str = "any"
) -> DemandAndActual:
    """For each dimension: how much is wanted, how what was found was judged.

    Parameters
    ----------
    statements : Statements with ``aspect``: whether a statement tells a demand or the present state
    by : column to split by
    of : "dimension" or "code"

    Notes
    -----
    Nothing is inferred from words: a statement without a coded aspect counts on neither side, one without a coded sentiment is
    ``unjudged``. Where coders are split on a sentiment, it is unjudged, too.

    Raises
    ------
    SpecError
        If no statement has an aspect.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> found = demand_and_actual(read_statements("data/sample/statements.csv"))
    >>> len(found.frame), bool((found.frame["demand"] > 0).all())
    (7, True)
    """
    frame = statements.frame
    if frame["aspect"].isna().all():
        raise SpecError(
            "no statement says whether it tells a demand or the present state. Code a column aspect: demand or actual."
        )
    split = () if by is None else (by,)
    check_columns(split, frame.columns, "the table of statements")
    check_split(split, ("theme", "demand", "actual"))
    given, coded = statements.given(counted, of)
    groups = [(None, coded)] if by is None else [
        (value, coded & (frame[by] == value).to_numpy()) for value in dict.fromkeys(frame[by].dropna())]  # fmt: skip
    rows = [
        {**({} if by is None else {by: value}), **_line(statements, name, mine & given[:, k])}
        for value, mine in groups for k, name in enumerate(statements.themes_of(of))
    ]  # fmt: skip
    counts = int(coded.sum()), count_speakers(frame.loc[coded]), frame.loc[coded, "session"].nunique()
    silent = int((coded & frame["aspect"].isna().to_numpy()).sum())
    remarks = [base_words(statements, counted, counts)]
    if silent:
        remarks.append(
            {
                "en": f"{silent} without a coded aspect count on neither side",
                "zh": f"{silent} 条未编码需求或现状，两边均不计",
            }
        )
    return DemandAndActual(
        pd.DataFrame(rows), statements.language, statements=statements, by=by, remarks=tuple(remarks)
    )


def _line(statements: Statements, name: str, where: Array) -> dict[str, Any]:
    frame, sign = statements.frame, statements.sentiment
    demand, actual = (where & (frame["aspect"] == aspect).to_numpy() for aspect in ("demand", "actual"))
    signs = {
        word: int((sign[actual] == value).sum()) for word, value in (("negative", -1), ("neutral", 0), ("positive", 1))
    }
    signed = signs["negative"] + signs["positive"]
    reason = _reason(int(demand.sum()), int(actual.sum()), sum(signs.values()))
    return {
        "theme": name, "demand": int(demand.sum()), "actual": int(actual.sum()), "speakers_demand": count_speakers(frame.loc[demand]),
        "speakers_actual": count_speakers(frame.loc[actual]), "sessions_demand": frame.loc[demand, "session"].nunique(), **signs,
        "unjudged": int(actual.sum()) - sum(signs.values()), "unmet": signs["negative"] / signed if signed else np.nan,
        "suggestions": int((where & (frame["suggestion"] == True).to_numpy()).sum()), "reason": reason,  # noqa: E712
    }  # fmt: skip


def _reason(demand: int, actual: int, judged: int) -> str:
    if not demand and not actual:
        return "silent"
    if not actual:
        return "not experienced"
    if not judged:
        return "no sentiment"
    return "" if demand else "no demand"
