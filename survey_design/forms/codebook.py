"""What is in the data file? One line per column: its name, what was asked, its codes, and who was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from survey_design.questionnaire import Questionnaire, Words
from survey_design.results import Column, Language, Result, Text, say

_KIND_WORDS: dict[str, Text] = {
    "graded": {"en": "graded", "zh": "评分"},
    "single": {"en": "one answer", "zh": "单选"},
    "multiple": {"en": "several answers", "zh": "多选"},
    "yes_no": {"en": "yes or no", "zh": "是否"},
    "timed": {"en": "duration", "zh": "时长"},
    "counted": {"en": "count", "zh": "计数"},
    "number": {"en": "number", "zh": "数值"},
    "text": {"en": "text", "zh": "文本"},
    "date": {"en": "date", "zh": "日期"},
    "points": {"en": "points", "zh": "分数分配"},
    "evidence": {"en": "evidence", "zh": "证据"},
    "photo": {"en": "photo", "zh": "照片"},
    "audio": {"en": "recording", "zh": "录音"},
    "note": {"en": "remark", "zh": "备注"},
}


@dataclass(frozen=True, eq=False, repr=False)
class Codebook(Result):
    """The variables of a questionnaire, one row per column of the data; made by :func:`codebook`."""

    name: str = ""
    version: str = ""
    titled: Words = ""

    def title(self) -> str:
        if self.language == "zh":
            return f"变量表：{say(self.titled, 'zh')}（{self.name}，版本 {self.version}）"
        return f"Variables of '{say(self.titled, 'en')}' ({self.name}, version {self.version})"

    def columns(self) -> tuple[Column, ...]:
        spoken = self._spoken()
        return (
            Column("name", {"en": "column", "zh": "变量名"}),
            Column("kind", {"en": "kind", "zh": "类型"}, words=_KIND_WORDS),
            Column(f"label_{spoken}", {"en": "question", "zh": "问题"}),
            Column(f"values_{spoken}", {"en": "codes", "zh": "编码"}),
            Column("range", {"en": "range", "zh": "范围"}),
            Column("asked_if", {"en": "asked if", "zh": "询问条件"}),
        )

    def note(self) -> str:
        n, required = len(self.frame), int(self.frame["required"].sum())
        codes = sorted({str(code) for code in self.frame["dont_know"] if code is not None}, key=len)
        if self.language == "zh":
            unknown = f"；“不知道”编码为 {'、'.join(codes)}" if codes else ""
            return f"{n} 个变量，其中必答 {required} 个{unknown}。"
        unknown = f"; 'don't know' is kept as {', '.join(codes)}" if codes else ""
        return f"{n} column{'' if n == 1 else 's'}, {required} of them required{unknown}."

    def _spoken(self) -> Language:
        """The language of the questions: the one shown, or the other where the form has no words in it."""
        if f"label_{self.language}" in self.frame.columns:
            return self.language
        return "en" if self.language == "zh" else "zh"


def codebook(questionnaire: Questionnaire) -> Codebook:
    """The list of variables of a form: what every column of the data will hold.

    The frame has all languages side by side (``label_en, label_zh, values_en, values_zh``); ``to_csv`` writes all of it.

    Examples
    --------
    >>> from survey_design.questionnaire import Question, Section
    >>> bought = Question("bought", "yes_no", {"en": "Did you buy anything?"})
    >>> form = Questionnaire("visit", "1", {"en": "Visit"}, (Section("all", {"en": "All"}, (bought,)),), languages="en")
    >>> codebook(form)
    Variables of 'Visit' (visit, version 1)
    column  kind       question               codes            range  asked if
    bought  yes or no  Did you buy anything?  1 = Yes; 0 = No
    1 column, 0 of them required.
    """
    frame = questionnaire.variables()
    ranges = [_range(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)]
    frame.insert(frame.columns.get_loc("low"), "range", ranges)  # type: ignore[arg-type]
    return Codebook(frame, questionnaire.shown, questionnaire.name, questionnaire.version, questionnaire.title)


def _range(low: Any, high: Any) -> str:
    if pd.isna(low) and pd.isna(high):
        return ""
    if pd.isna(high):
        return f"≥ {low:g}"
    return f"≤ {high:g}" if pd.isna(low) else f"{low:g}…{high:g}"
