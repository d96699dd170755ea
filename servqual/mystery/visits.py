"""What did the inspectors bring back? Visits and their answers, checked once against the checklist, with nothing lost.

A visit that cannot be used is set aside and counted; one that can be used with care is kept and flagged. Not applicable
and missing are two things: the first leaves numerator and denominator, the second does too and is counted as a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import as_codes, is_blank, label_key, number_of, plain_id, text_of, texts_of
from servqual.mystery.checklist import Checklist, ChecklistItem, same_instrument
from servqual.mystery.columns import Headings, item_names, item_of, names_of, words_of
from servqual.mystery.points import Answers
from servqual.mystery.visit_words import (
    ANSWERS,
    DETAILS,
    EVIDENCE_COLUMNS,
    FAULTS,
    FLAGS,
    LABELS,
    MODES,
    NO,
    SCENARIOS,
    STEPS,
    YES,
)
from servqual.responses import Answered, Faults, FilledForm, Ledger, PersonalDataRule
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.days import NOT_A_DAY, days_in
from survey_design.files.table import EXCEL, HEADER_REPEATED, Source, read_table, sheet_names
from survey_design.results import Column, Language, Text, Variable, say
from survey_design.sampling import SampleDesign
from survey_design.visits.months import welcome_from

if TYPE_CHECKING:
    from servqual.privacy import PersonalData

Array = NDArray[Any]
Mode = Literal["covert", "overt"]
Kept = Literal["yes/no", "all", "ends"]
Scenario = Literal["enquiry", "followed_purchase", "real_purchase"]

ROTATION_MONTHS = 3  # the same inspector may come back to a store after more than this
_SERIAL = re.compile(r"[3-6]\d{4}(?:\.\d+)?")  # days since 1899-12-30, as spreadsheets count them: 1982 to 2091
DOUBLE_DAYS = 14  # a store may have changed between two visits that lie further apart
_CASES = ["file", "row", "visit", "column", "value", "problem", "detail"]
_DOUBLE = (
    "It holds one name for both visits of a pair, nothing else; name it by columns={'heading in the file': 'double'}."
)
_PLAIN: Text = {"en": "", "zh": ""}

_DESIGN = ("visit", "store", "date", "mode", "scenario", "double", "exposed", "version")  # never masked
_KEPT = ("kept", "no store", "unknown store", "duplicate", "other version", "nothing applicable", "number taken")
_IF_ANY = ("number taken",)  # stands in the ledger where it happened


@dataclass(frozen=True, eq=False, repr=False)
class VisitLedger(Ledger):
    """Where every visit and every answer went. Frame columns: ``part, step, n``.

    Visits read = visits set aside for each reason + visits kept; answers asked = given + not applicable + each kind that is
    missing.

    Attributes
    ----------
    personal : what personal data stood in the file and were masked; None if they were to be kept
    headings : which columns were known by which heading, and which were not found
    """

    personal: PersonalData | None = None
    headings: Headings | None = None

    def title(self) -> str:
        return f"访问去向台账：{self.source_name}" if self.language == "zh" else f"Ledger of visits: {self.source_name}"

    def columns(self) -> tuple[Column, ...]:
        parts = {"rows": {"en": "visits", "zh": "访问"}, "answers": {"en": "answers", "zh": "回答"}}
        return (
            Column("part", {"en": "of", "zh": "对象"}, "text", parts),
            Column("step", {"en": "step", "zh": "步骤"}, "text", STEPS),
            Column("n", {"en": "n", "zh": "数量"}, "count"),
        )

    def lost(self) -> list[tuple[str, int]]:
        """Why visits were set aside, and how many."""
        return [(step, self.count(step)) for step in _KEPT[1:] if self.count(step)]

    def note(self) -> str:
        zh, found = self.language == "zh", self.personal
        masked = "" if found is None or found.frame.empty else found.in_language(self.language).sentence()
        known = "" if self.headings is None else self.headings.sentence(self.language)
        if zh:
            return f"读入访问数 = 各项搁置 + 保留访问数；应有回答数 = 有效回答 + 不适用 + 各类缺失。{known}{masked}"
        said = "Visits read = visits set aside for each reason + visits kept; answers asked = given + not applicable + missing."
        return " ".join(part for part in (said, known, masked) if part)


@dataclass(frozen=True, eq=False, repr=False)
class Visits:
    """Visits of stores, checked against the checklist they were made with.

    Attributes
    ----------
    frame : DataFrame, one row a visit: ``visit, store`` and, where they are known, ``date, inspector, mode, scenario, agency,
        company, double, exposed``; the other columns of the file; those of the stores' table; ``flags``
    checklist : Checklist
    answers : Answers, (n, items)
    design : SampleDesign; by default stores are what was chosen, visits within them
    cases : DataFrame ``file, row, visit, column, value, problem, detail``: every fault and every flag with its place, in the
        checklist's language; ``detail`` says which evidence is missing, and since when an inspector may not be back
    set_aside : the rows that are not in ``frame``, as they stood, with ``fate``
    ledger : VisitLedger
    source : file name, SHA-256, encoding
    variables : what columns and codes are called
    """

    frame: pd.DataFrame
    checklist: Checklist
    answers: Answers
    design: SampleDesign
    cases: pd.DataFrame
    set_aside: pd.DataFrame
    ledger: VisitLedger
    source: Source = field(default_factory=Source)
    variables: Mapping[str, Variable] = field(default_factory=dict)

    @property
    def personal_data(self) -> PersonalData | None:
        """What was masked where; None if it was to be kept."""
        return self.ledger.personal

    @property
    def n(self) -> int:
        """Visits kept."""
        return len(self.frame)

    @property
    def language(self) -> Language:
        """The language in which results show themselves."""
        return self.checklist.language

    @property
    def shares(self) -> pd.DataFrame:
        """(n, items) shares of the items' points, 0 to 1; nan where not applicable or missing."""
        return pd.DataFrame(self.answers.shares, columns=list(self.checklist.columns), index=self.frame.index)

    @property
    def exposed(self) -> Array:
        """(n,) True for covert visits that were discovered."""
        if "exposed" not in self.frame:
            return np.zeros(self.n, dtype=bool)
        covert = self.frame["mode"].ne("overt") if "mode" in self.frame else True
        return np.asarray(self.frame["exposed"].eq(True) & covert, dtype=bool)

    def column_of(self, name: str) -> Column:
        """How a column of the data is shown."""
        known = self.variables.get(name)
        if known:
            return known.column(name)
        return Column(name, LABELS.get(name, {"en": name}), "text", _words_of(name))

    def in_language(self, language: Language) -> Visits:
        """The same visits; results built on them show themselves in this language."""
        return replace(self, checklist=self.checklist.in_language(language), ledger=self.ledger.in_language(language))

    def chosen(self, rows: Array) -> Visits:
        """Some of the visits; the ledger stays that of the file."""
        where = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        return replace(self, frame=self.frame.iloc[where].reset_index(drop=True), answers=self.answers.rows(where))

    def joined_with(self, *others: Visits) -> Visits:
        """Visits of several files below each other; refused where they come from different checklists."""
        reasons = [reason for other in others for reason in same_instrument(self.checklist, other.checklist)]
        if reasons:
            told = "; ".join(dict.fromkeys(say(reason, "en") for reason in reasons))
            raise SpecError(f"visits made with different checklists are not pooled: {told}. Score them apart.")
        parts = [self, *(_in_order_of(other, self.checklist) for other in others)]
        if any(p.personal_data is not None and "coded" in p.personal_data.frame["action"].tolist() for p in parts):
            raise SpecError("inspectors were masked by codes that hold in one file only: P0001 is somebody else in the next. Give "
                            "inspectors codes of your own before you pool files.")  # fmt: skip
        again = pd.concat([part.frame["visit"] for part in parts])
        if again.duplicated().any():
            named = ", ".join(map(str, again[again.duplicated()].unique()[:5]))
            raise DataError(f"visits {named} stand in more than one file. Give every visit its own name.")
        shares = np.concatenate([part.answers.shares for part in parts])
        missing = np.concatenate([part.answers.missing for part in parts])
        counts = pd.concat([part.ledger.frame for part in parts])
        counts = counts.groupby(["part", "step"], sort=False)["n"].sum().reset_index()
        headings = [part.ledger.headings for part in parts if part.ledger.headings is not None]
        return replace(
            self,
            frame=pd.concat([part.frame for part in parts], ignore_index=True),
            answers=Answers.of(shares, missing),
            cases=pd.concat([part.cases for part in parts], ignore_index=True),
            set_aside=pd.concat([part.set_aside for part in parts], ignore_index=True),
            ledger=replace(
                self.ledger,
                frame=counts,
                source_name=" + ".join(part.source.name for part in parts),
                headings=Headings.together(headings) if headings else None,
            ),
        )

    def double_ratings(self, *, keep: Kept = "yes/no") -> pd.DataFrame:
        """Answers of double visits for a study of agreement: ``unit`` (double visit and item), ``rater``, ``value``.

        ``rater`` is 1 for the first visit of a pair and 2 for the second, in the order of the file; only items that both
        judged. Left out are double visits that are no two inspectors' of one store within two weeks, which are flagged when
        visits are read (:func:`double_faults`). ``keep`` "yes/no": items of that type; "all": shares of the points of every item; "ends": of graded items
        only what both gave nothing or all points, which drops the half-way disagreements, and flatters.
        """
        check_choice("keep", keep, Kept)
        _check_named(["double"], self.frame.columns, self.source.name, _DOUBLE)
        flawed = np.any([where.to_numpy() for where in double_faults(self.frame).values()], axis=0)
        named = self.frame["double"].notna().to_numpy() & ~flawed
        number = self.frame[named].groupby("double", sort=False).cumcount() + 1
        asked = [item.id for item in self.checklist.items if item.type == "yes_no" or keep != "yes/no"]
        shares = self.shares.loc[named, asked]
        shares = shares.where(shares.isin([0, 1])) if keep == "ends" else shares
        long = shares.assign(double=self.frame.loc[named, "double"], rater=number)
        long = long.melt(["double", "rater"], var_name="item", value_name="value").dropna(subset=["value"])
        long["unit"] = long["double"].astype(str) + " " + long["item"]
        judged = long.groupby("unit")["rater"].transform("nunique")
        return long.loc[judged > 1, ["unit", "double", "item", "rater", "value"]].reset_index(drop=True)

    def __repr__(self) -> str:
        stores = self.frame["store"].nunique()
        title = say(self.checklist.title, self.language)
        if self.language == "zh":
            return f"{self.n:,} 次访问，{stores:,} 家门店，检查表：{title}（第 {self.checklist.version} 版）"
        visits, shops = f"{self.n:,} visit{'s' * (self.n != 1)}", f"{stores:,} store{'s' * (stores != 1)}"
        return f"{visits} to {shops} with {title} (version {self.checklist.version})"


def read_visits(
    source: Answered,
    checklist: Checklist,
    *,
    answers: Answered | None = None,
    columns: Mapping[str, str] | None = None,
    stores: Answered | None = None,
    design: SampleDesign | None = None,
    strata: str | None = None,
    faults: Faults = "raise",
    rotation_months: int = ROTATION_MONTHS,
    not_applicable: Sequence[str] = (),
    variables: Mapping[str, Variable] | None = None,
    personal_data: PersonalDataRule = "mask",
    encoding: str | None = None,
    sheet: str | int = 0,
    header_rows: int = 1,
) -> Visits:
    """Visits and their answers from files or frames, checked against the checklist.

    Parameters
    ----------
    source : file (CSV, Excel, Parquet, SPSS, Stata), DataFrame or filled form, one row a visit. Its columns are found by
        their usual headings in English and Chinese (:data:`servqual.mystery.visit_words.HEADINGS`): ``store`` must be there, all others may be. Without
        ``visit`` visits are called by their row, and one that was entered twice is not found out. Wide:
        it has a column per item, called by the item's id or label
    checklist : Checklist
    answers : long form instead: a table with one line per answer and the columns ``visit, item, answer`` (访问编号、检查项、回答)
    columns : name in the file -> name here (``{"分店": "store", "Q1": "uniform"}``), for headings that are not known
    stores : table with one row a store: ``store`` and what is known of it (tier, centre, …), joined to the visits. A visit
        to a store that is not in it is a fault
    design : how stores were chosen; by default ``SampleDesign(clusters="store", strata=strata)``
    strata : column of the strata, if stores were chosen within them (tier)
    faults : {"raise", "set aside"}
        Whether faults are an error that lists all of them, or are set aside and counted
    rotation_months : a visit by the same inspector to the same store within this many months, or on the very day, is flagged
    not_applicable : further codes for "does not apply", besides the checklist's own
    variables : labels of further columns and of their codes
    personal_data : {"mask", "keep"}
        Names, numbers and addresses of persons in all columns but the answers and those that place a visit, of the list of
        stores as well, give way to ``[phone]`` and the like; inspectors who are called by their number, or stand under a
        heading such as 检查员姓名, become P0001, P0002, … (:func:`servqual.privacy.mask_personal_data`). A name under a
        heading that does not say so is not known to be one: give inspectors codes
    encoding, sheet, header_rows : as in :func:`survey_design.files.table.read_table`, of the file of visits; with a title line
        above the headings ``header_rows=2``

    Returns
    -------
    Visits

    Raises
    ------
    DataError
        For every fault at once, with row and column in ``.cases``: a store that is not named or not known, a visit that
        stands twice, one made with another version of the checklist, an answer that does not fit the item's type, a word
        that is no mode or scenario, a cell that is no date, an answer to an unknown visit or item.

    Notes
    -----
    Flagged and kept: visits without a date or outside the checklist's validity, covert visits that were discovered, an inspector back too
    early, a veto item that was not judged (a veto on an item that does not apply violates nothing), missing answers,
    evidence that falls short where the file has columns for it (``minutes``, ``photos``, ``characters``; for an item what the
    form asks beside it, such as ``uniform_photo`` with the names of files). Visits in which no
    item at all was judged are set aside. Nothing is lost: ``ledger`` adds up, ``cases`` and ``set_aside`` have the rest.
    What was masked is in ``personal_data`` and in the note of the ledger.

    Examples
    --------
    >>> from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
    >>> checklist = Checklist(
    ...     "shop", "1", {"en": "Shop"}, (Category("look", {"en": "Look"}, 1.0),),
    ...     (Indicator("clean", {"en": "Clean"}, "look", 1.0),),
    ...     (ChecklistItem("floor", {"en": "Floor clean"}, "clean"), ChecklistItem("desk", {"en": "Desk tidy"}, "clean")),
    ...     languages=("en",))
    >>> table = pd.DataFrame({"访问编号": ["v1", "v2"], "门店": ["A", "B"], "floor": ["是", "否"], "desk": ["不适用", 1]})
    >>> visits = read_visits(table, checklist)
    >>> visits
    2 visits to 2 stores with Shop (version 1)
    >>> visits.shares.to_numpy().tolist()
    [[1.0, nan], [0.0, 1.0]]
    """  # fmt: skip
    check_choice("faults", faults, Faults)
    check_choice("personal_data", personal_data, PersonalDataRule)
    reading = {"encoding": encoding, "sheet": sheet}
    check = _Check.of(source, checklist, columns or {}, reading | {"header_rows": header_rows}, tuple(not_applicable))
    if answers is not None:
        check.spread(answers, columns or {}, reading)
    check.read_visit_columns(_table(stores, columns or {}, reading, "store") if stores is not None else None)
    chosen = design or SampleDesign(clusters="store", strata=strata)
    if personal_data == "mask":
        check.mask(chosen)
    check.read_answers()
    check.flag(rotation_months)
    return check.visits(chosen, faults, dict(variables or {}))


def check_visits(given: Any, verb: str) -> None:
    """Refuse what is not visits that were checked against their checklist, such as a path or a frame."""
    if not isinstance(given, Visits):
        what = repr(given) if isinstance(given, str) else f"a {type(given).__name__}"
        raise SpecError(
            f"{verb} takes visits that were checked against their checklist, not {what}. Read a file or a DataFrame first: "
            "read_visits(it, load_checklist(...))."
        )


# --- checking ----------------------------------------------------------------------------------------------


class _Check:
    """The rows of a file on their way to visits; every step writes down what it finds.

    Attributes
    ----------
    frame : columns under our names
    fate : (n,) place in ``_KEPT``: what becomes of each row
    flags : flag -> (n,) True where it holds
    found : faults and flags with their places
    headings : columns under our names -> what the file calls them
    known : which of the columns that place a visit were found
    personal : what was masked
    """

    def __init__(
        self, frame: pd.DataFrame, source: Source, checklist: Checklist, not_applicable: frozenset[Any]
    ) -> None:
        self.frame, self.source, self.checklist = frame, source, checklist
        self.codes = not_applicable
        self.fate = np.zeros(len(frame), dtype=np.uint8)
        self.flags: dict[str, Array] = {}
        self.found: list[pd.DataFrame] = []
        self.faulty: list[pd.DataFrame] = []
        self.stores: pd.DataFrame | None = None
        self.shares = np.full((len(frame), len(checklist.items)), np.nan)
        self.kinds = np.zeros(self.shares.shape, dtype=np.uint8)
        self.own = np.asarray(source.rows if source.rows is not None else frame.index)
        self.headings: Mapping[str, str] = {}
        self.known: Headings | None = None
        self.personal: PersonalData | None = None
        self.shown: Callable[[str], str] = str  # how a cell is quoted

    @classmethod
    def of(
        cls,
        source: Answered,
        checklist: Checklist,
        columns: Mapping[str, str],
        reading: Mapping[str, Any],
        codes: tuple[str, ...],
    ) -> _Check:
        frame, told = _opened(source, reading)
        name = told.name if told.sha256 else "the table of visits"
        check_columns(columns, frame.columns, name)
        names = names_of(frame, columns, checklist)
        known = Headings.of(frame, names, _item_columns(checklist))
        headings = {ours: str(theirs) for theirs, ours in names.items() if ours != theirs}
        frame = frame.rename(columns=names)
        _check_named(["store"], frame.columns, name, _remedy(known, source))
        if "visit" not in frame:
            frame = frame.assign(
                visit=[f"row {k}" for k in (told.rows if told.rows is not None else range(1, len(frame) + 1))]
            )
        given = (*checklist.not_applicable, *codes)
        check = cls(frame.reset_index(drop=True), told, checklist, as_codes(list(given)))
        check.headings, check.known = headings, known
        return check

    # -- the visits

    def read_visit_columns(self, stores: pd.DataFrame | None) -> None:
        """Names, dates and words of the visits, and what the list of stores says of theirs."""
        for name in ("visit", "store", "inspector", "agency", "company", "double", "version"):
            if name in self.frame:
                self.frame[name] = _ids(self.frame[name])
        self._fail(self.frame["store"].isna(), "store", "no store", FAULTS["no store"])
        again = self.frame["visit"].duplicated() & self.frame["visit"].notna()
        bearers = self.frame[self.frame["visit"].isin(self.frame.loc[again, "visit"])]
        elsewhere = again & ~_same_as_first(bearers).reindex(self.frame.index, fill_value=True)
        self._fail(elsewhere, "visit", "number taken", FAULTS["number taken"], detail=self._first(elsewhere))
        self._fail(again, "visit", "duplicate", FAULTS["duplicate"])
        if "version" in self.frame:
            other = self.frame["version"].notna() & (self.frame["version"] != plain_id(text_of(self.checklist.version)))
            self._fail(
                other, "version", "other version", filled(FAULTS["other version"], version=self.checklist.version)
            )
        if stores is not None:
            self._join(stores)
        for name, words in (("mode", MODES), ("scenario", SCENARIOS)):
            if name in self.frame:
                self._read_words(name, words)
        if "exposed" in self.frame:
            self._read_exposed()
        if "date" in self.frame:
            self._read_dates()

    def _join(self, stores: pd.DataFrame) -> None:
        stores = stores.assign(store=_ids(stores["store"]))
        twice = stores["store"].duplicated(keep=False) & stores["store"].notna()
        if twice.any():
            named = ", ".join(stores.loc[twice, "store"].unique()[:5])
            raise DataError(f"the list of stores names {named} more than once. Keep one row a store.", stores[twice])
        unknown = self.frame["store"].notna() & ~self.frame["store"].isin(stores["store"])
        self._fail(unknown, "store", "unknown store", FAULTS["unknown store"])
        fresh = [name for name in stores.columns if name == "store" or name not in self.frame.columns]
        self.frame = self.frame.merge(stores.loc[stores["store"].notna(), fresh], on="store", how="left")
        self.stores = stores

    def _read_words(self, name: str, words: Mapping[str, Text]) -> None:
        known, texts = words_of(name), texts_of(self.frame[name])
        codes = np.array([known.get(label_key(text)) for text in texts], dtype=object)
        listed = {
            "en": ", ".join(words),
            "zh": "、".join(f"{code}（{say(text, 'zh')}）" for code, text in words.items()),
        }
        self._fault((codes == None) & (texts != ""), name, filled(FAULTS["not one of"], listed=listed))  # noqa: E711
        self.frame[name] = codes

    def _read_exposed(self) -> None:
        texts = np.array([label_key(text) for text in texts_of(self.frame["exposed"])], dtype=object)
        yes, no = np.isin(texts, list(YES)), np.isin(texts, list(NO))
        self._fault(~yes & ~no & (texts != ""), "exposed", FAULTS["not yes or no"])
        self.frame["exposed"] = yes

    def _read_dates(self) -> None:
        column = self.frame["date"]
        days = days_in(column)
        wrong = days.isna().to_numpy() & ~is_blank(column)
        serial = np.zeros(len(wrong), dtype=bool)
        serial[wrong] = [bool(_SERIAL.fullmatch(text)) for text in texts_of(column[wrong])]
        self._fault(wrong & serial, "date", FAULTS["a serial"])
        self._fault(wrong & ~serial, "date", NOT_A_DAY)
        self.frame["date"] = days

    def mask(self, design: SampleDesign) -> None:
        """Personal data in the columns of visits and stores give way to words; answers and design stay as they are."""
        from servqual.privacy import mask_personal_data, mask_text  # its patterns take a while to compile

        ours = list(self.frame.columns)
        known = {*self.checklist.columns, *self.checklist.evidence, *_DESIGN, *design.column_names()}
        theirs = [name if name in known else self.headings.get(name, name) for name in ours]
        person = theirs[ours.index("inspector")] if "inspector" in ours else None
        masked, self.personal = mask_personal_data(
            self.frame.set_axis(theirs, axis=1), ignore=[name for name in ours if name in known], respondent=person,
            language=self.checklist.language,
        )  # fmt: skip
        self.frame = masked.set_axis(ours, axis=1)
        self.shown = mask_text
        for found in (*self.found, *self.faulty):
            found["value"] = [mask_text(text) for text in found["value"]]

    # -- the answers

    def spread(self, answers: Answered, columns: Mapping[str, str], reading: Mapping[str, Any]) -> None:
        """The answers of a long table as columns of the visits."""
        long = _table(answers, columns, reading, "answers")
        visit, items = _ids(long["visit"]), _ids(long["item"])
        known = item_names(self.checklist)
        item = items.map(lambda text: item_of(text, known) if isinstance(text, str) else None)
        here = visit.isin(_ids(self.frame["visit"]))
        value = texts_of(long["answer"])
        lines = pd.DataFrame({"visit": visit, "item": item, "answer": value})
        again = lines.duplicated(["visit", "item"]) & item.notna() & here
        kinds = lines.groupby(["visit", "item"], dropna=False)["answer"].transform("nunique")
        differing = (kinds > 1) & item.notna() & here
        for where, shown, problem in (
            (~here, visit, "no visit"),
            (item.isna() & here, items, "no item"),
            (again & ~differing, items, "twice, alike"),
            (differing, items, "twice"),
        ):
            self._write(visit[where], shown[where], "answers", np.flatnonzero(where) + 2, FAULTS[problem], self.faulty)
        used = lines[here & item.notna() & ~again & ~differing]
        wide = used.pivot(index="visit", columns="item", values="answer").reindex(columns=list(self.checklist.columns))
        own = _ids(self.frame["visit"])
        given = wide.reindex(own).reset_index(drop=True)
        kept = self.frame.drop(columns=[name for name in given if name in self.frame])
        self.frame = pd.concat([kept, given], axis=1)

    def read_answers(self) -> None:
        """Shares of the items' points, and what kind of answer each was: 0 given, 1 not applicable, 2 blank, 3 wrong."""
        there = self.frame.columns
        _check_named(self.checklist.columns, there, self.source.name, _remedy_of_items(self.checklist, there))
        for j, item in enumerate(self.checklist.items):
            self.shares[:, j], self.kinds[:, j] = _read_item(self.frame[item.id], item, self.codes)
            self._fault(
                self.kinds[:, j] == 3, item.id, filled(FAULTS["not an answer"], item=item.id, expected=_expected(item))
            )
        nothing = (self.kinds != 0).all(axis=1)
        self._fail(nothing, "visit", "nothing applicable", FAULTS["nothing applicable"], self.found)
        self.frame = self.frame.drop(columns=list(self.checklist.columns))

    # -- what to be careful about

    def flag(self, months: int) -> None:
        """Flags of the visits that are kept."""
        kept, frame = self.fate == 0, self.frame
        veto = np.array([item.veto for item in self.checklist.items], dtype=bool)
        if "exposed" in frame:
            covert = frame["mode"].ne("overt").to_numpy() if "mode" in frame else True
            self._flag("exposed", kept & frame["exposed"].to_numpy(bool) & covert, "exposed")
        if "date" in frame:
            self._flag("date missing", kept & frame["date"].isna().to_numpy(), "date")
            for flag, before in (("before validity", True), ("after validity", False)):
                self._flag(flag, kept & _outside(frame["date"], self.checklist, before), "date")
            if "inspector" in frame:
                there = frame[self.fate != _KEPT.index("duplicate")]  # a visit set aside was made all the same
                last = came_before(there).reindex(frame.index).to_numpy("datetime64[D]")
                back = kept & came_back(there, months).reindex(frame.index, fill_value=False).to_numpy()
                self._flag("inspector back", back, "date", [_back(day, months) for day in last[back]])
        if "double" in frame:
            for flag, where in double_faults(frame[kept]).items():
                there = where.reindex(frame.index, fill_value=False).to_numpy()
                self._flag(flag, there, "double", _others(frame[kept], there[kept]))
        self._flag("veto not judged", kept & (self.kinds[:, veto] != 0).any(axis=1), "visit")
        self._flag("answers missing", kept & (self.kinds >= 2).any(axis=1), "visit")
        lacking: list[list[Text]] = [[] for _ in range(len(frame))]
        for name, given, least, needed in self._evidence():
            for k in np.flatnonzero(~(given >= least) & needed):
                number = f"{given[k]:g}" if np.isfinite(given[k]) else "0"
                lacking[k].append(filled(DETAILS["short"], name=name, given=number, least=f"{least:g}"))
        short = kept & np.array([bool(each) for each in lacking], dtype=bool)
        self._flag("evidence missing", short, "visit", [_listed(lacking[k]) for k in np.flatnonzero(short)])

    def _evidence(self) -> Iterator[tuple[str, Array, float, Any]]:
        """Column, what was handed in, what is asked, and where it is needed; of the columns that the file has."""
        for name, least in self.checklist.evidence.items():
            if name in self.frame:
                given = pd.to_numeric(self.frame[name], errors="coerce").to_numpy(float)
                # a problem is to be described
                yield name, given, least, (self.shares == 0).any(axis=1) if name == "characters" else True
        for j, item in enumerate(self.checklist.items):
            for what, least in item.evidence.items():
                name = f"{item.id}_{EVIDENCE_COLUMNS[what]}"
                if name in self.frame:
                    needed = self.shares[:, j] == 0 if what == "characters" else self.kinds[:, j] == 0
                    yield name, _handed_in(self.frame[name], what), least, needed

    def _flag(self, flag: str, where: Array, column: str, detail: Sequence[Text] = ()) -> None:
        if where.any():
            self.flags[flag] = where
            self._note(where, column, FLAGS[flag], self.found, detail)

    # -- what was found

    def _fail(
        self, where: Any, column: str, fate: str, problem: Text, to: list[pd.DataFrame] | None = None,
        detail: Mapping[int, Text] | None = None,
    ) -> None:  # fmt: skip
        """Sets rows aside for the first reason that applies."""
        hit = np.asarray(where, dtype=bool) & (self.fate == 0)
        self.fate[hit] = _KEPT.index(fate)
        told = [] if detail is None else [detail[int(k)] for k in np.flatnonzero(hit)]
        self._note(hit, column, problem, self.faulty if to is None else to, told)

    def _first(self, where: pd.Series) -> dict[int, Text]:
        """Row -> which visit bore its number first."""
        first = self.frame.drop_duplicates("visit").set_index("visit")
        told = [name for name in ("store", "date") if name in first]  # who it was may be a name, to be masked
        return {
            int(k): filled(
                DETAILS["first"], row=str(self.own[self.frame["visit"].eq(name).to_numpy().argmax()]),
                told=", ".join(text_of(first.loc[name, each]) for each in told),
            )
            for k, name in self.frame.loc[where, "visit"].items()
        }  # fmt: skip

    def _fault(self, where: Any, column: str, problem: Text) -> None:
        self._note(np.asarray(where, dtype=bool), column, problem, self.faulty)

    def _note(
        self, where: Array, column: str, problem: Text, to: list[pd.DataFrame], detail: Sequence[Text] = ()
    ) -> None:
        if where.any():
            visit, value = self.frame.loc[where, "visit"], self.frame.loc[where, column]
            self._write(visit, value, column, self.own[where], problem, to, detail)

    def _write(
        self, visit: Any, value: Any, column: str, rows: Array, problem: Text, to: list[pd.DataFrame],
        detail: Sequence[Text] = (),
    ) -> None:  # fmt: skip
        if len(rows):
            cells = {"file": self.source.name, "row": rows, "visit": np.asarray(visit), "column": column}
            to.append(pd.DataFrame({
                **cells, "value": [self.shown(text_of(each)) for each in value], "problem": [problem] * len(rows),
                "detail": list(detail) or [_PLAIN] * len(rows),
            }))  # fmt: skip

    def visits(self, design: SampleDesign, faults: Faults, variables: dict[str, Variable]) -> Visits:
        """What is kept, what is set aside, and the account of it."""
        language = self.checklist.language
        wrong = _stacked(self.faulty, language)
        if faults == "raise" and len(wrong):
            raise DataError(_in_words(_stacked(self.faulty), self.source.name), wrong)
        kept = self.fate == 0
        ledger = self._ledger(kept)
        if not kept.any():
            why = ", ".join(f"{say(STEPS[step], 'en')} {n}" for step, n in ledger.lost())
            raise DataError(f"{self.source.name}: none of its {len(kept)} visits can be used ({why}). Look at .cases.",
                            _stacked([*self.faulty, *self.found], language))  # fmt: skip
        frame = self.frame.assign(flags=_joined(self.flags, len(self.frame)))
        fates = [_KEPT[k] for k in self.fate[~kept]]
        answers = Answers.of(self.shares[kept], self.kinds[kept] >= 2)
        result = Visits(
            frame[kept].reset_index(drop=True), self.checklist, answers, design, _stacked([*self.faulty, *self.found], language),
            self.frame[~kept].assign(fate=fates).reset_index(drop=True), ledger, self.source, variables,
        )  # fmt: skip
        design.check(result.frame)
        return result

    def _ledger(self, kept: Array) -> VisitLedger:
        again = self.source.n_header_repeated
        rows = [("read", len(kept) + again), *([(HEADER_REPEATED, again)] if again else [])]
        lost = [(step, int((self.fate == _KEPT.index(step)).sum())) for step in _KEPT[1:]]
        rows += [(step, n) for step, n in lost if n or step not in _IF_ANY]
        rows += [("kept", int(kept.sum()))]
        kinds = np.bincount(self.kinds[kept].ravel(), minlength=4).tolist()
        answers = [("asked", sum(kinds)), *zip(("given", "not applicable", "blank", "wrong"), kinds, strict=True)]
        lines = [("rows", *line) for line in rows] + [("answers", *line) for line in answers]
        frame = pd.DataFrame(lines, columns=["part", "step", "n"])
        return VisitLedger(frame, self.checklist.language, source_name=self.source.name, personal=self.personal,
                           headings=self.known)  # fmt: skip


# --- cells -------------------------------------------------------------------------------------------------


def came_back(frame: pd.DataFrame, months: int = ROTATION_MONTHS) -> pd.Series:
    """True where an inspector had been at the store before and not more than so many calendar months ago.

    >>> log = pd.DataFrame({"store": ["A"] * 3, "inspector": ["i"] * 3,
    ...                     "date": pd.to_datetime(["2026-01-31", "2026-04-30", "2026-08-01"])})
    >>> came_back(log).tolist()
    [False, True, False]
    """  # fmt: skip
    before = came_before(frame)
    early = pd.Series(False, index=frame.index)
    again = before.notna()
    days = [part[again].to_numpy("datetime64[D]") for part in (frame["date"], before)]
    early[again] = days[0] < welcome_from(days[1], months, True)
    return early


def double_faults(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Where the visits under one number of a double visit are not two inspectors' of one store about the same time.

    >>> pairs = pd.DataFrame(
    ...     {
    ...         "double": ["D1", "D1", "D2", "D3", "D3"],
    ...         "store": [*"AAABC"],
    ...         "inspector": [*"ijijj"],
    ...         "date": pd.to_datetime(["2026-03-05", "2026-03-07", "2026-03-05", "2026-03-05", "2026-03-05"]),
    ...     }
    ... )
    >>> {flag: where.tolist() for flag, where in double_faults(pairs).items() if where.any()}
    {'double alone': [False, False, True, False, False], 'double stores': [False, False, False, True, True], 'double inspector': [False, False, False, True, True]}
    """
    pairs = frame.groupby("double", sort=False)
    n = pairs["store"].transform("size")
    faults = {"double alone": n == 1, "double more": n > 2, "double stores": pairs["store"].transform("nunique") > 1}
    if "inspector" in frame:
        known, kinds = (pairs["inspector"].transform(each) for each in ("count", "nunique"))
        faults["double inspector"] = kinds < known
    if "date" in frame:
        apart = pairs["date"].transform("max") - pairs["date"].transform("min")
        faults["double apart"] = apart > pd.Timedelta(days=DOUBLE_DAYS)
    return {flag: where & frame["double"].notna() for flag, where in faults.items()}


def _others(frame: pd.DataFrame, where: Array) -> list[Text]:
    """For each visit of a double visit, the others under its number."""
    named = frame.groupby("double", sort=False)["visit"].agg(list)
    return [
        filled(DETAILS["double"], visits=", ".join(text_of(each) for each in named[double] if each != visit) or "–")
        for double, visit in frame.loc[where, ["double", "visit"]].itertuples(index=False)
    ]


def _same_as_first(frame: pd.DataFrame) -> pd.Series:
    """Whether a visit is of the store, day and inspector of the first one with its number, as far as both are told."""
    same = pd.Series(True, index=frame.index)
    for name in ("store", "date", "inspector"):
        if name in frame:
            told = days_in(frame["date"]) if name == "date" else frame[name]
            first = told.groupby(frame["visit"], sort=False).transform("first")
            same &= told.isna() | first.isna() | (told == first)
    return same


def came_before(frame: pd.DataFrame) -> pd.Series:
    """When the inspector of each visit was last at the store before it; nothing where that is not known or never."""
    known = frame.dropna(subset=["store", "inspector", "date"]).sort_values("date", kind="stable")
    before = known.groupby(["store", "inspector"], sort=False)["date"].shift()
    return pd.to_datetime(before.reindex(frame.index))


def _handed_in(cells: pd.Series, what: str) -> Array:
    """(n,) characters of each text without blanks, or files that are named, one or several with a comma between."""
    texts = ["" if blank else text for text, blank in zip(texts_of(cells), is_blank(cells), strict=True)]
    if what == "characters":
        return np.array([len("".join(text.split())) for text in texts])
    return np.array([len([part for part in re.split(r"[,;，；、|]", text) if part.strip()]) for text in texts])


def _read_item(cells: pd.Series, item: ChecklistItem, codes: frozenset[Any]) -> tuple[Array, Array]:
    """(n,) shares and kinds: 0 given, 1 not applicable, 2 blank, 3 not an answer."""
    texts = texts_of(cells)
    code, distinct = pd.factorize(texts)
    words = {label_key(label): float(value) for value, text in item.values.items() for label in text.values()}
    if item.type == "yes_no":
        words |= dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0)
    shares, kinds = np.full(len(distinct), np.nan), np.zeros(len(distinct), dtype=np.uint8)
    for k, text in enumerate(distinct):
        number = number_of(text)
        if not text:
            kinds[k] = 2
        elif text.casefold() in codes or number in codes:
            kinds[k] = 1
        else:
            share = item.shares(np.array([words.get(label_key(text), number)]))[0]
            shares[k], kinds[k] = share, 3 if np.isnan(share) else 0
    return shares[code], kinds[code]


def _expected(item: ChecklistItem) -> Text:
    """The answers that an item takes, in words."""
    if item.type in ("yes_no", "graded"):
        return {language: glue.join(f"{value} {say(text, language)}".strip() for value, text in item.values.items())
                for language, glue in (("en", ", "), ("zh", "、"))}  # fmt: skip
    kind = ANSWERS["counted" if item.type == "counted" else "timed"]
    return kind if item.maximum is None else filled(ANSWERS["to"], kind=kind, maximum=f"{item.maximum:g}")


def _opened(source: Answered, reading: Mapping[str, Any]) -> tuple[pd.DataFrame, Source]:
    """The cells and where they stood."""
    if isinstance(source, pd.DataFrame):
        return source.copy(), Source(n_raw=len(source))
    if isinstance(source, FilledForm):
        rows = source.frame["_row"].to_numpy() if "_row" in source.frame else None
        return source.frame.copy(), Source(source.source.name, source.source.sha256, n_raw=len(source.frame), rows=rows)
    return read_table(Path(source), **reading)


def _item_columns(checklist: Checklist) -> set[str]:
    """The columns that a checklist asks for: its items, and the evidence of items and visits."""
    beside = {f"{item.id}_{EVIDENCE_COLUMNS[what]}" for item in checklist.items for what in item.evidence}
    return {*checklist.columns, *checklist.evidence, *beside}


def _check_named(wanted: Iterable[str], available: Iterable[Any], where: str, remedy: str) -> None:
    """Refuse columns that the file doesn't have, and say how to name them."""
    try:
        check_columns(wanted, available, where)
    except DataError as error:
        raise DataError(f"{error} {remedy}", error.cases) from error


def _remedy(known: Headings, source: Answered) -> str:
    """How a column is named that was not found, and where else it may stand."""
    like = next((heading for heading, ours in known.alike.items() if ours == "store"), "heading in the file")
    said = f"Name it: columns={{{like!r}: 'store'}}."
    if isinstance(source, (str, Path)) and Path(source).suffix.lower() in EXCEL:
        sheets = sheet_names(source)
        if len(sheets) > 1:
            return f"{said} The file has the sheets {', '.join(map(repr, sheets))}: choose one by sheet=."
    return said


def _remedy_of_items(checklist: Checklist, there: Iterable[Any]) -> str:
    """By what words items are found, shown by the first that wasn't."""
    present = set(there)
    item = next((item for item in checklist.items if item.id not in present), checklist.items[0])
    label = say(item.label, checklist.language)
    return (
        f"Items are found by id, label or full text ({item.id!r} also as {label!r}); name others: "
        f"columns={{'heading in the file': {item.id!r}}}."
    )


_LONG: Mapping[str, tuple[str, ...]] = {
    "item": ("item", "检查项", "题号"),
    "answer": ("answer", "value", "回答", "答案"),
}
_OF_TABLE = {"store": ("store", "agency", "company"), "answers": ("visit",)}


def _table(source: Answered, columns: Mapping[str, str], reading: Mapping[str, Any], what: str) -> pd.DataFrame:
    """The table of stores or of answers, under our names."""
    frame, told = _opened(source, reading if not isinstance(source, (pd.DataFrame, FilledForm)) else {})
    frame = frame.rename(columns=names_of(frame, columns, None, _OF_TABLE[what]))
    if what == "store":
        check_columns(["store"], frame.columns, told.name if told.sha256 else "the list of stores")
        return frame
    for ours, headings in _LONG.items():
        found = next((name for name in frame.columns if label_key(name) in headings), None)
        frame = frame.rename(columns={found: ours}) if found is not None and ours not in frame else frame
    check_columns(["visit", "item", "answer"], frame.columns, told.name if told.sha256 else "the table of answers")
    return frame


def _ids(column: pd.Series) -> pd.Series:
    """Names in one spelling, None where a cell is blank."""
    texts = pd.Series([plain_id(text) or None for text in texts_of(column)], index=column.index, dtype=object)
    return texts


def _outside(dates: pd.Series, checklist: Checklist, before: bool) -> Array:
    limit = checklist.valid_from if before else checklist.valid_to
    if limit is None:
        return np.zeros(len(dates), dtype=bool)
    late: Callable[[Any], Any] = dates.lt if before else dates.gt
    return np.asarray(late(pd.Timestamp(limit)), dtype=bool)


def _words_of(name: str) -> Mapping[Any, Text]:
    """Words of the codes of our own columns."""
    if name == "exposed":
        return {True: {"en": "yes", "zh": "是"}, False: {"en": "no", "zh": "否"}}
    return {"mode": MODES, "scenario": SCENARIOS}.get(name, {})


def _joined(flags: Mapping[str, Array], n: int) -> list[str]:
    """(n,) the flags of each row, in one text."""
    rows: list[list[str]] = [[] for _ in range(n)]
    for flag, where in flags.items():
        for k in np.flatnonzero(where):
            rows[k].append(flag)
    return ["; ".join(row) for row in rows]


def _in_order_of(visits: Visits, checklist: Checklist) -> Visits:
    """Visits with their items in the order of another, equal checklist."""
    place = [visits.checklist.columns.index(name) for name in checklist.columns]
    answers = Answers(visits.answers.values[:, place], visits.answers.unit)
    return replace(visits, answers=answers, checklist=checklist)


def _stacked(parts: Sequence[pd.DataFrame], language: Language = "en") -> pd.DataFrame:
    """All that was found below each other, in words of one language."""
    there = [part for part in parts if len(part)]
    if not there:
        return pd.DataFrame(columns=_CASES)
    frame = pd.concat(there, ignore_index=True)[_CASES]
    return frame.assign(**{name: [say(words, language) for words in frame[name]] for name in ("problem", "detail")})


def filled(words: Text, **parts: Any) -> Text:
    """Words with their blanks filled, with the same or with what each language calls it.

    >>> filled({"en": "not one of {listed}", "zh": "不是{listed}"}, listed={"en": "a, b", "zh": "a、b"})["zh"]
    '不是a、b'
    """
    return {language: text.format(**{name: say(part, language) if isinstance(part, Mapping) else part
                                     for name, part in parts.items()}) for language, text in words.items()}  # fmt: skip


def _listed(words: Sequence[Text]) -> Text:
    """Several things in one text."""
    return {
        language: glue.join(say(each, language) for each in words) for language, glue in (("en", "; "), ("zh", "；"))
    }


def _back(before: Any, months: int) -> Text:
    """When an inspector was at the store, and from when on a visit would have been allowed."""
    return filled(DETAILS["back"], before=str(before), welcome=str(welcome_from(before, months, True)))


def _in_words(cases: pd.DataFrame, name: str) -> str:
    """All faults by column and problem, with the rows of the first of them."""
    parts = []
    for (column, problem), group in cases.groupby(["column", "problem"], sort=False):
        rows = ", ".join(str(row) for row in group["row"].head(5)) + (", …" if len(group) > 5 else "")
        value = f", such as {group['value'].iloc[0]!r}" if group["value"].iloc[0] else ""
        parts.append(f"{column}: {problem} (row{'s' * (len(group) > 1)} {rows}{value})")
    listed = "; ".join(parts[:8]) + (f"; and {len(parts) - 8} more kinds" if len(parts) > 8 else "")
    n = len(cases)
    return (
        f"{name}: {n} fault{'s' * (n > 1)}. {listed}. Correct the file, or set faults='set aside' to have them counted."
    )
