"""What was complained of, by whom it was handled, and until when is that known? A register, checked once and masked.

A complaint that is not solved yet is no missing value: it was open for as long as the register was kept, and counts so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import is_blank, label_key, text_of
from servqual.focus.statements import cases_in_words, name_in, names_by_heading, words_in
from servqual.instruments import Instrument
from servqual.privacy import mask_personal_data, mask_text
from servqual.responses import Faults, Ledger, PersonalDataRule
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.days import NOT_A_TIME, times_in, zones_in
from survey_design.files.table import HEADER_REPEATED, Source, read_table
from survey_design.results import Column, Language, Text, Variable, say

if TYPE_CHECKING:
    from servqual.focus import Statements

Array = NDArray[Any]

# What the columns are called, first as ours; any of them is found without being named.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "complaint": ("complaint", "complaint_id", "ticket", "order", "id", "投诉", "投诉编号", "工单", "工单编号", "编号"),
    "date": ("date", "complaint_date", "日期", "投诉日期"),
    "store": ("store", "store_id", "门店", "门店编号", "营业厅"),
    "item": ("item", "item_id", "题项", "指标"),
    "place": ("place", "where", "地点", "环节"),
    "phenomenon": ("phenomenon", "symptom", "现象", "投诉现象"),
    "text": ("text", "complaint_text", "内容", "投诉内容", "原话"),
    "received": ("received", "received_at", "受理时间", "接收时间"),
    "dispatched": ("dispatched", "dispatched_at", "派单时间"),
    "solved": ("solved", "solved_at", "resolved", "解决时间", "办结时间"),
    "department": ("department", "部门", "责任部门"),
    "promised": ("promised", "promised_date", "承诺日期", "承诺时间"),
}
LABELS: Mapping[str, Text] = {
    "complaint": {"en": "complaint", "zh": "投诉"},
    "date": {"en": "date", "zh": "日期"},
    "month": {"en": "month", "zh": "月份"},
    "store": {"en": "store", "zh": "门店"},
    "item": {"en": "item", "zh": "题项"},
    "dimension": {"en": "dimension", "zh": "维度"},
    "place": {"en": "place", "zh": "地点"},
    "phenomenon": {"en": "phenomenon", "zh": "现象"},
    "text": {"en": "what was said", "zh": "原话"},
    "department": {"en": "department", "zh": "部门"},
}
STEPS: Mapping[str, Text] = {
    "read": {"en": "complaints read", "zh": "读入投诉数"},
    HEADER_REPEATED: {"en": "header repeated", "zh": "重复的表头"},
    "no time": {"en": "not said when received", "zh": "无受理时间"},
    "no content": {
        "en": "nothing said: no item, place, phenomenon or text",
        "zh": "无内容：题项、地点、现象、原话均空",
    },
    "duplicate": {"en": "complaint seen before", "zh": "投诉重复"},
    "after the end": {"en": "received after the register ends", "zh": "受理时间晚于数据截止"},
    "kept": {"en": "complaints kept", "zh": "保留投诉数"},
    "asked": {"en": "steps: complaints kept × dispatched, solved", "zh": "处理环节：保留投诉 ×（派单、解决）"},
    "given": {"en": "step reached", "zh": "已完成"},
    "open": {"en": "open when the register ends", "zh": "截止时未完成"},
    "unusable": {"en": "time can't be used", "zh": "时间无法使用"},
}
NOT_STATED: Text = {"en": "not stated", "zh": "未注明"}
TIMES = ("received", "dispatched", "solved")

_CASES = ["file", "row", "complaint", "column", "value", "problem"]
_WORDS = ("complaint", "store", "item", "place", "phenomenon", "text", "department")


@dataclass(frozen=True, eq=False, repr=False)
class ComplaintLedger(Ledger):
    """Where every complaint and every step of its handling went. Frame columns: ``part, step, n``.

    Complaints read = complaints set aside for each reason + complaints kept; steps = reached + open + time can't be used.
    """

    def title(self) -> str:
        named = {"en": f"Ledger of complaints: {self.source_name}", "zh": f"投诉去向台账：{self.source_name}"}
        return say(named, self.language)

    def columns(self) -> tuple[Column, ...]:
        part, step, n = super().columns()
        parts: Mapping[str, Text] = {
            "rows": {"en": "complaints", "zh": "投诉"},
            "answers": {"en": "steps", "zh": "处理环节"},
        }
        return replace(part, words=parts), replace(step, words=STEPS), n

    def note(self) -> str:
        if self.language == "zh":
            return "读入投诉数 = 各项搁置 + 保留投诉数；处理环节 = 已完成 + 截止时未完成 + 时间无法使用。"
        return "Complaints read = complaints set aside for each reason + complaints kept; steps = reached + open + time can't be used."


@dataclass(frozen=True, eq=False, repr=False)
class Complaints:
    """A register of complaints.

    Attributes
    ----------
    frame : one row a complaint: ``complaint, store, item, dimension, place, phenomenon, text, department`` (None where not said),
        ``received, dispatched, solved`` (times; NaT where it has not happened), ``promised`` (a day, or NaT), ``usable`` (False where
        times contradict each other or can't be read), ``timed`` (usable, and received at a time and not only on a day), ``month``,
        then the file's further columns
    instrument : whose items and dimensions they are about
    until : when the register ends; what is open then is known to have been open for so long
    cases : ``file, row, complaint, column, value, problem`` of every fault that was set aside
    set_aside : the rows that are not in ``frame``, with ``fate``
    ledger : ComplaintLedger
    source : file name, SHA-256, encoding
    masked : cells in which personal data were masked
    until_told : False where ``until`` is the last time in the register
    variables : labels of places, phenomena, departments and further columns
    absent : times that the register has no column for: nobody knows of them, which is not to say that they never came
    """

    frame: pd.DataFrame
    instrument: Instrument
    until: pd.Timestamp
    cases: pd.DataFrame
    set_aside: pd.DataFrame
    ledger: ComplaintLedger
    source: Source = field(default_factory=Source)
    masked: int = 0
    until_told: bool = False
    variables: Mapping[str, Variable] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Complaints."""
        return len(self.frame)

    @property
    def language(self) -> Language:
        """The language in which results show themselves."""
        return self.instrument.language

    def in_language(self, language: Language) -> Complaints:
        """The same complaints; results built on them show themselves in this language."""
        return replace(self, instrument=self.instrument.in_language(language), ledger=self.ledger.in_language(language))

    def column_of(self, name: str) -> Column:
        """The column of a result that shows one of the register's columns."""
        told = {"item": self.instrument.words(), "dimension": self.instrument.words()}.get(name, {})
        variable = self.variables.get(name, Variable())
        label = variable.label or LABELS.get(name, {"en": name})
        return Column(name, label, "text", {**told, **variable.values, NOT_STATED["en"]: NOT_STATED})

    def values(self, name: str) -> pd.Series:
        """One column as texts, "not stated" where blank."""
        check_columns([name], self.frame.columns, self.source.name)
        column = self.frame[name].astype(object)
        return column.where(column.notna(), NOT_STATED["en"])

    def clusters(self) -> pd.Series:
        """The store of each complaint; one without a store stands for itself."""
        store = self.frame["store"].astype(object)
        return store.where(store.notna(), "\0" + self.frame["complaint"].astype(str))

    def ending(self) -> Text:
        """When the register ends, in words."""
        day = f"{self.until:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        told = ("", "") if self.until_told else (", the last time in it", "（数据中的最后时间）")
        return {"en": f"the register ends on {day}{told[0]}", "zh": f"数据截止 {day}{told[1]}"}

    def statements(self) -> Statements:
        """The complaints in customers' own words, as statements of which stores are the sessions and items the codes.

        What :mod:`servqual.focus` offers for what was said in focus groups then reads complaints: ``verbatim_digest`` draws
        quotations by lot, ``keyword_in_context`` and ``word_counts`` search them. Complaints without words are left out.
        """
        from servqual.focus import Code, CodeFrame, read_statements

        used = {item.id: item.dimension for item in self.instrument.items if item.dimension}
        words = self.instrument.words()
        title: Text = {"en": "Items of the instrument", "zh": "量表题项"}
        codes = CodeFrame(
            "items", title, tuple(each for each in self.instrument.dimensions if each.id in set(used.values())),
            tuple(Code(item, home, words[item]) for item, home in used.items()), language=self.language,
        )  # fmt: skip
        said = self.frame[self.frame["text"].notna()]
        table = pd.DataFrame({
            "statement": said["complaint"], "session": self.clusters()[said.index].str.replace("\0", ""), "text": said["text"],
            "speaker": None, "codes": said["item"].where(said["item"].isin(list(used)), ""),
            **{name: said[name] for name in ("place", "phenomenon", "department")},
        })  # fmt: skip
        return read_statements(table.reset_index(drop=True), codes, personal_data="keep", faults="set aside")

    def sentence(self) -> str:
        """How many complaints, about how many stores, and how many are open."""
        n, open_now = self.n, int((self.frame["solved"].isna() & self.frame["usable"]).sum())
        stores, first = self.frame["store"].nunique(), f"{self.frame['received'].min():%Y-%m-%d}"
        last = f"{self.until:%Y-%m-%d}"
        unknown = "solved" in self.absent
        if self.language == "zh":
            fate = "登记中无解决时间" if unknown else f"截止时 {open_now} 件未解决"
            told = f"{first} 至 {last} 共 {n:,} 件投诉，涉及 {stores} 家门店；{fate}。"
            return told + (f"已遮蔽 {self.masked} 个单元格中的个人信息。" if self.masked else "")
        told = f"{n:,} complaint{'s' * (n != 1)} about {stores} store{'s' * (stores != 1)}, {first} to {last}; " + (
            "the register has no times of solving."
            if unknown
            else f"{open_now} {'is' if open_now == 1 else 'are'} not solved by then."
        )
        return told + (
            f" Personal data were masked in {self.masked} cell{'s' * (self.masked != 1)}." if self.masked else ""
        )

    def __repr__(self) -> str:
        return self.sentence()


# --- reading -----------------------------------------------------------------------------------------------


def read_complaints(
    source: str | Path | pd.DataFrame,
    instrument: Instrument,
    *,
    columns: Mapping[str, str] | None = None,
    until: Any = None,
    stores: Iterable[Any] | None = None,
    variables: Mapping[str, Variable] | None = None,
    personal_data: PersonalDataRule = "mask",
    faults: Faults = "raise",
    encoding: str | None = None,
    sheet: str | int = 0,
) -> Complaints:
    """A register of complaints from a file or frame, checked and masked.

    Parameters
    ----------
    source : CSV, Excel or a DataFrame, one row a complaint. ``received`` (or ``date``) must be there; ``complaint, store, item,
        place, phenomenon, text, dispatched, solved, department, promised`` may be, and are found by their usual headings in
        English and Chinese
    instrument : whose items the column ``item`` names, by id or label
    columns : name in the file -> name here, for headings that are not known
    until : when the register ends; by default the last time in it. Give it where it was kept for longer, or to cut it: complaints
        received later are left out and counted
    stores : the stores that there are; a complaint about another is a fault, and is then about no known store
    variables : labels of columns and codes, as the ``variables`` of answers
    personal_data : "mask" replaces names and numbers in all words; "keep" does not
    faults : "raise" an error that lists all, or "set aside" and count them
    encoding, sheet : as in :func:`survey_design.files.table.read_table`

    Returns
    -------
    Complaints

    Raises
    ------
    DataError
        For every fault at once, with row and column in ``.cases``: no time of receipt, a cell that is no time, steps in an order that
        can't be (solved before received), an unknown item, an id that stands twice, a complaint that says nothing.

    Notes
    -----
    Set aside means: a complaint without time, without content, or seen before leaves the table; an unknown item becomes "not
    stated"; a complaint whose times can't be used stays, but outside of all durations (``usable`` is False); so does one of
    which only the date is known, for durations from its receipt. What happened after ``until`` is not known yet, so the step
    counts as open. Times are those on the clock; a time zone behind them is left out, and must be the same for all. Masking
    finds what rules can find: read texts before publishing them.

    Examples
    --------
    >>> from servqual import load_instrument
    >>> table = pd.DataFrame({
    ...     "store": ["A", "A", "B"], "item": ["REL1", "RES2", "REL1"], "text": ["请回电 13800000000", "Too slow", "=1+1"],
    ...     "received": ["2026-03-02 09:00", "2026-03-03 10:00", "2026-03-04 11:00"],
    ...     "solved": ["2026-03-03 09:00", "", "2026-03-04 15:00"]})
    >>> complaints = read_complaints(table, load_instrument("servqual-22"), until="2026-03-10")
    >>> complaints
    3 complaints about 2 stores, 2026-03-02 to 2026-03-10; 1 is not solved by then. Personal data were masked in 1 cell.
    >>> complaints.frame["text"][0], complaints.ledger.adds_up()
    ('请回电 [phone]', True)
    """  # fmt: skip
    check_choice("faults", faults, Faults)
    check_choice("personal_data", personal_data, PersonalDataRule)
    if isinstance(source, pd.DataFrame):
        frame, told = source.copy(), Source(n_raw=len(source))
    else:
        frame, told = read_table(Path(source), encoding=encoding, sheet=sheet)
    names = names_by_heading(frame, columns or {}, HEADINGS, "the complaints")
    check = _Check(frame.rename(columns=names), told, instrument)
    if personal_data == "mask":
        check.mask()
    check.read_words(None if stores is None else {text_of(store) for store in stores})
    check.read_times(until)
    check.read_fates()
    return check.complaints(faults, variables or {})


class _Check:
    """The rows of a register on their way to complaints; every step writes down what it finds."""

    def __init__(self, lines: pd.DataFrame, source: Source, instrument: Instrument) -> None:
        self.name = source.name if source.sha256 else "the complaints"
        if not {"received", "date"} & {str(name) for name in lines.columns}:
            check_columns(["received"], lines.columns, self.name)
        self.lines, self.source, self.instrument = lines.reset_index(drop=True), source, instrument
        self.own = np.asarray(source.rows if source.rows is not None else range(2, len(lines) + 2))
        self.found: list[dict[str, Any]] = []
        self.masked = 0
        self.zones: set[str] = set()
        self.fate = np.full(len(lines), "kept", dtype=object)
        self.absent = tuple(name for name in TIMES if name not in self.lines)
        for name in HEADINGS:
            if name not in self.lines:
                self.lines[name] = pd.Series([None] * len(lines), dtype=object)

    def mask(self) -> None:
        """Personal data in all words give way to marks; ids of items and times stay as they are."""
        ours = [*TIMES, "date", "promised", "item", "store", "department"]
        self.lines, told = mask_personal_data(self.lines.astype(object), ignore=ours, respondent="complaint")
        self.masked = int(told.frame["n"].sum())

    def read_words(self, stores: set[str] | None) -> None:
        """Texts in one spelling; items as ids; an id for every complaint; stores that there are."""
        for name in _WORDS:
            read = words_in if name == "text" else name_in
            self.lines[name] = pd.Series([read(value) for value in self.lines[name]], dtype=object)
        made = pd.Series([f"row {row}" for row in self.own], dtype=object)
        self.lines["complaint"] = self.lines["complaint"].where(self.lines["complaint"].notna(), made)
        for k, store in enumerate(self.lines["store"]):
            if stores is not None and store is not None and store not in stores:
                self._note(k, "store", store, "not among the stores")
                self.lines.loc[k, "store"] = None
        spelled = {
            label_key(word): item.id for item in self.instrument.items for word in (item.id, *item.label.values())
        }
        given = self.lines["item"]
        self.silent = self.lines[["item", "place", "phenomenon", "text"]].isna().all(axis=1)
        known = [None if cell is None else spelled.get(label_key(cell)) for cell in given]
        for k, (cell, item) in enumerate(zip(given, known, strict=True)):
            if cell is not None and item is None:
                self._note(k, "item", cell, f"not an item of the instrument '{self.instrument.name}'")
        home = {item.id: item.dimension or None for item in self.instrument.items}
        self.lines["item"] = pd.Series(known, dtype=object)
        self.lines["dimension"] = pd.Series([None if item is None else home[item] for item in known], dtype=object)

    def read_times(self, until: Any) -> None:
        """The three times, the day that was promised, and whether their order can be."""
        times = {name: self._times(name) for name in (*TIMES, "date", "promised")}
        if len(self.zones) > 1:
            raise DataError(
                f"{self.name}: times of {len(self.zones)} time zones ({', '.join(sorted(self.zones))}). Write all in one."
            )
        received, bad = times["received"], {name: unread for name, (_, unread) in times.items()}
        moments = {name: column for name, (column, _) in times.items()}
        stands_in = received[0].isna() & ~received[1]
        moments["received"] = received[0].where(~stands_in, moments["date"])
        last = pd.concat([moments[name] for name in TIMES]).max()
        self.until_told = until is not None
        self.until = last if until is None else times_in([until]).iloc[0]
        if pd.isna(self.until):
            if until is None:
                raise DataError(f"{self.name}: no complaint says when it was received.", pd.DataFrame(self.found))
            raise SpecError(f"until={until!r} is not a time, such as '2026-12-31' or '2026-12-31 18:00'.")
        for name in TIMES[1:]:  # what comes later is not known yet
            moments[name] = moments[name].where(moments[name] <= self.until)
        order = [("dispatched", "received"), ("solved", "received"), ("solved", "dispatched")]
        wrong = bad["received"] | bad["dispatched"] | bad["solved"]
        for late, early in order:
            back = (moments[late] < moments[early]).to_numpy() & ~wrong
            for k in np.flatnonzero(back):
                self._note(int(k), late, self.lines[late][k], f"before it was {early}")
            wrong = wrong | back
        for name in TIMES:
            self.lines[name] = moments[name]
        self.lines.loc[wrong, ["dispatched", "solved"]] = pd.NaT
        self.lines["promised"] = moments["promised"].dt.normalize()
        self.lines["usable"] = ~wrong
        self.lines["timed"] = ~wrong & received[0].notna().to_numpy()

    def _times(self, name: str) -> tuple[pd.Series, Array]:
        """One column as times, and where a cell is none."""
        cells = self.lines[name]
        self.zones |= zones_in(cells)
        read = times_in(cells)
        unread = read.isna().to_numpy() & ~is_blank(cells)
        for k in np.flatnonzero(unread):
            self._note(int(k), name, cells[k], say(NOT_A_TIME, "en"))
        return read, unread

    def read_fates(self) -> None:
        """What can't be a complaint is set aside, for the first reason that applies."""
        lines = self.lines
        self._fail(lines["received"].isna(), "received", "no time", "not said when it was received")
        self._fail(self.silent, "text", "no content", "nothing is said")
        self._fail(lines["complaint"].duplicated(), "complaint", "duplicate", "id seen before")
        later = (lines["received"] > self.until).to_numpy() & (self.fate == "kept")
        self.fate[later] = "after the end"  # no fault: whoever says where the register ends wants it cut there
        lines["month"] = lines["received"].dt.strftime("%Y-%m")

    def _fail(self, where: Any, column: str, fate: str, problem: str) -> None:
        for k in np.flatnonzero(np.asarray(where, dtype=bool) & (self.fate == "kept")):
            self.fate[k] = fate
            self._note(int(k), column, self.lines[column][k], problem)

    def _note(self, line: int, column: str, value: Any, problem: str) -> None:
        self.found.append({"file": self.source.name, "row": int(self.own[line]), "complaint": self.lines["complaint"][line],
                           "column": column, "value": mask_text(text_of(value)[:60]), "problem": problem})  # fmt: skip

    def complaints(self, faults: Faults, variables: Mapping[str, Variable]) -> Complaints:
        """What is kept, what is set aside, and the account of it."""
        cases = pd.DataFrame(self.found, columns=_CASES).sort_values("row", kind="stable", ignore_index=True)
        if faults == "raise" and len(cases):
            raise DataError(cases_in_words(cases, self.name), cases)
        kept = self.fate == "kept"
        if not kept.any() and (self.fate == "after the end").any():
            raise DataError(f"{self.name}: all {len(kept)} complaints were received after until={self.until:%Y-%m-%d %H:%M} or can't be used. "
                            "Give a later end, or none.", cases)  # fmt: skip
        if not kept.any():
            raise DataError(f"{self.name}: none of its {len(kept)} complaints can be used. Look at .cases.", cases)
        ours = [*_WORDS[:3], "dimension", *_WORDS[3:], *TIMES, "promised", "usable", "timed", "month"]
        table = self.lines[[*ours, *(name for name in self.lines.columns if name not in (*ours, "date"))]]
        return Complaints(
            table[kept].reset_index(drop=True), self.instrument, self.until, cases,
            table[~kept].assign(fate=self.fate[~kept]).reset_index(drop=True), self._ledger(table[kept]), self.source,
            self.masked, self.until_told, variables, self.absent,
        )  # fmt: skip

    def _ledger(self, kept: pd.DataFrame) -> ComplaintLedger:
        again = self.source.n_header_repeated
        lines = [("rows", "read", len(self.fate) + again), *([("rows", HEADER_REPEATED, again)] if again else [])]
        fates = ("no time", "no content", "duplicate", "after the end", "kept")
        lines += [("rows", fate, int((self.fate == fate).sum())) for fate in fates]
        usable = kept["usable"].to_numpy(bool)
        steps = [name for name in ("dispatched", "solved") if name not in self.absent]
        given = int(kept.loc[usable, steps].notna().to_numpy().sum())
        asked, unusable = len(steps) * len(kept), len(steps) * int((~usable).sum())
        lines += [("answers", "asked", asked), ("answers", "given", given),
                  ("answers", "open", asked - given - unusable), ("answers", "unusable", unusable)]  # fmt: skip
        frame = pd.DataFrame(lines, columns=["part", "step", "n"])
        return ComplaintLedger(frame, self.instrument.language, source_name=self.source.name)
