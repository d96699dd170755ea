"""What does an interviewer note down at the door? The sheet to be filled, and the sheets that came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.intercepts.plan import PLAN_COLUMNS, InterceptPlan
from survey_design.results import Column, Language, Result, Text, is_missing, say

Array = NDArray[Any]
Group = Literal["I", "P", "R", "NC", "O", "U", "NE"]
PageLanguage = Literal["en", "zh", "both"]


@dataclass(frozen=True)
class Disposition:
    """One way in which a picked leaver can end up.

    Attributes
    ----------
    name : column of the tally
    code : AAPOR's final disposition code
    group : AAPOR's letter: I complete, P partial, R refusal and break-off, NC not contacted, O other, U eligibility
        unknown, NE not eligible
    label : words on the sheet
    """

    name: str
    code: str
    group: Group
    label: Text


DISPOSITIONS: tuple[Disposition, ...] = (
    Disposition("complete", "1.1", "I", {"en": "complete", "zh": "完成访问"}),
    Disposition("partial", "1.2", "P", {"en": "partial, but usable", "zh": "部分完成（可用）"}),
    Disposition("refusal", "2.11", "R", {"en": "refused, has bought", "zh": "拒访（已购买）"}),
    Disposition("break_off", "2.12", "R", {"en": "broke off", "zh": "中途退出"}),
    Disposition("missed", "2.2", "NC", {"en": "has bought, not approached", "zh": "已购买，未及拦截"}),
    Disposition("language", "2.33", "O", {"en": "language", "zh": "语言不通"}),
    Disposition("other", "2.3", "O", {"en": "other, eligible", "zh": "其他原因（符合条件）"}),
    Disposition("unknown", "3.0", "U", {"en": "not known if bought", "zh": "是否购买不详"}),
    Disposition("ineligible", "4.0", "NE", {"en": "no purchase just completed", "zh": "刚才未购买"}),
)
CODES = tuple(each.name for each in DISPOSITIONS)
_COLUMNS: Mapping[str, Column] = {
    **PLAN_COLUMNS,
    "hour": Column("hour", {"en": "hour from", "zh": "小时（起）"}, "count"),
    "leavers": Column("leavers", {"en": "leavers counted", "zh": "离店人数（计数）"}, "count"),
    **{each.name: Column(each.name, {code: f"{each.code} {say(each.label, code)}" for code in ("en", "zh")}, "count")
       for each in DISPOSITIONS},
}  # fmt: skip
_WORDS: Mapping[str, Text] = {
    "title": {"en": "Tally sheets for {blocks} block{s}", "zh": "拦截访问计数表（{blocks} 个时段）"},
    "note": {
        "en": "A line per hour. Count everybody who leaves; every k-th gets one code. Eligible are those who have just "
        "bought something. Blank means none; an hour that was not worked stays blank altogether.",
        "zh": "每小时一行。所有离店者均须计数；每 k 位拦截一位，并记一个结果代码。刚完成购买者才符合条件。"
        "空白表示没有；未执行的小时整行留空。",
    },
    "page": {"en": "Tally sheet: {store}, {day} {weekday}, {start}:00 to {end}:00",
             "zh": "拦截访问计数表：{store}，{day} {weekday}，{start}:00 至 {end}:00"},
    "who": {"en": "Block {block}. Interviewer: {interviewer}. Expected: {leavers} leavers, {interviews} interviews.",
            "zh": "时段 {block}。访问员：{interviewer}。预计离店 {leavers} 人，完成访问 {interviews} 份。"},
    "picks": {"en": "Ask one leaver in {k}, beginning with number {first}: {picks}, …",
              "zh": "每 {k} 位离店者拦截一位，从第 {first} 位起：{picks} ……"},
    "rule": {"en": "Count all leavers, also while you interview. If a picked person leaves meanwhile, note “{missed}” or "
                   "“{unknown}”: never take the next one instead. Go on to the end of the block.",
             "zh": "所有离店者均须计数，访问进行时也要计数。若访问期间应拦截者已离开，请记“{missed}”或“{unknown}”，不得用下一位代替。"
                   "请访问至时段结束。"},
    "address": {"en": "Address: {address}", "zh": "地址：{address}"},
    "begun": {"en": "Begun at", "zh": "实际开始"},
    "ended": {"en": "Ended at", "zh": "实际结束"},
    "name": {"en": "Name", "zh": "姓名"},
    "signature": {"en": "Signature", "zh": "签名"},
    "no stop": {"en": "Interview to the end of every block, even if its number is reached.", "zh": "即使已达到预计份数，也须访问至时段结束。"},
    "cover": {"en": "Timetable of {interviewer}: {blocks} block{s}, {hours} hours", "zh": "{interviewer} 的排班表：{blocks} 个时段，共 {hours} 小时"},
    "time": {"en": "hour", "zh": "时间"},
    "from to": {"en": "from – to", "zh": "起止"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class TallySheet(Result):
    """Empty tally sheets: a row per block and hour, a column per outcome.

    ``to_csv()`` gives a file to be filled in a spreadsheet; :func:`outcome_rates` and :func:`intercept_weights` read it
    back as it is. ``write_word()`` prints a timetable and a page per block for each interviewer.

    Attributes
    ----------
    plan : the plan that the sheets belong to
    """

    plan: InterceptPlan = None  # type: ignore[assignment]

    def title(self) -> str:
        blocks = self.frame["block"].nunique()
        return say(_WORDS["title"], self.language).format(blocks=blocks, s="s" * (blocks != 1))

    def columns(self) -> tuple[Column, ...]:
        return tuple(_COLUMNS[name] for name in ("store", "day", "interviewer", "hour", "k", "leavers", *CODES))

    def note(self) -> str:
        return say(_WORDS["note"], self.language)

    def write_word(self, path: str | Path, *, language: PageLanguage | None = None) -> Path:
        """A Word file: for each interviewer the timetable, then a page per block in the order of time.

        In English, Chinese or both; by default the result's language. Give ``address`` in the stores of the plan to have it
        on timetable and pages.
        """
        from survey_design.forms.word import new_document, save

        chosen = self.language if language is None else language
        check_choice("language", chosen, PageLanguage)
        codes: Sequence[Language] = ("en", "zh") if chosen == "both" else (chosen,)
        title = " / ".join(self.in_language(code).title() for code in codes)
        document = new_document(title, chosen, landscape=True)
        hours = dict(list(self.frame.groupby("block")["hour"]))
        for k, (_, turns) in enumerate(self.plan.timetable().frame.groupby("interviewer", sort=False)):
            _add_cover(document, turns, codes, self.plan).paragraph_format.page_break_before = k > 0
            for _, about in turns.iterrows():
                _add_page(document, about, list(hours[about["block"]]), codes, self.plan)
        return save(document, path)


def tally_sheet(plan: InterceptPlan, *, language: Language | None = None) -> TallySheet:
    """Empty tally sheets for every block of a plan, a row per hour.

    Each picked leaver gets exactly one code. The codes are those of AAPOR's Standard Definitions, worded for a door:

    ========== ===== === =========================================================================
    column     code  set meaning
    ========== ===== === =========================================================================
    complete   1.1   I   interview
    partial    1.2   P   interview with gaps, still usable
    refusal    2.11  R   has bought something, does not want to
    break_off  2.12  R   began and broke off
    missed     2.2   NC  has bought something, was not approached (the interviewer was busy)
    language   2.33  O   no common language
    other      2.3   O   eligible, another reason (was asked before in this survey)
    unknown    3.0   U   walked on before it was known whether anything was bought
    ineligible 4.0   NE  no purchase just completed
    ========== ===== === =========================================================================

    References
    ----------
    AAPOR, Standard Definitions: Final Dispositions of Case Codes and Outcome Rates for Surveys, 9th edition, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from survey_design.intercepts import plan_intercepts
    >>> hours = [("A", d, h, 60) for d in ("2026-03-06", "2026-03-07") for h in range(10, 14)]
    >>> footfall = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
    >>> sheet = tally_sheet(plan_intercepts(footfall, n=20, interviewers=1, seed=1))
    >>> sheet.frame[["block", "hour", "k"]].head(2).to_numpy().tolist(), bool(sheet.frame["complete"].isna().all())
    ([['A-2026-03-06-10', 10, 7], ['A-2026-03-06-10', 11, 7]], True)
    """
    blocks = plan.frame.loc[plan.frame.index.repeat(plan.frame["hours"])].reset_index(drop=True)
    hour = blocks["start"] + blocks.groupby("block").cumcount()
    about = [name for name in ("area_type", "tier") if name in blocks]
    frame = blocks[["block", "store", *about, "day", "interviewer", "k"]].assign(hour=hour)
    blank = pd.DataFrame(None, index=frame.index, columns=["leavers", *CODES], dtype=object)
    return TallySheet(frame.join(blank), plan.language if language is None else language, plan=plan, called=plan.called)


def count_outcomes(contacts: pd.DataFrame, *, by: Sequence[str] = ("block",), outcome: str = "outcome") -> pd.DataFrame:
    """Tallies from a list of contacts, one row per picked leaver: a row per ``by``, a column per outcome.

    Outcomes are names ("refusal") or AAPOR codes ("2.11").

    >>> contacts = pd.DataFrame({"block": ["A", "A", "B"], "outcome": ["complete", "2.11", "complete"]})
    >>> count_outcomes(contacts)[["block", "complete", "refusal"]].to_numpy().tolist()
    [['A', 1, 1], ['B', 1, 0]]
    """
    check_columns([*by, outcome], contacts.columns, "contacts")
    blank = contacts[list(by)].isna().any(axis=1).to_numpy()
    if blank.any():
        rows = np.flatnonzero(blank)
        cases = pd.DataFrame({"file": "contacts", "row": rows + 2, "column": ", ".join(by), "problem": "missing"})
        raise DataError(f"{len(rows)} contacts don't say where or when they were (rows {_some(rows + 2)}): {', '.join(by)}. "
                        "Complete them, or no rate is right.", cases)  # fmt: skip
    named = {each.code: each.name for each in DISPOSITIONS} | {name: name for name in CODES}
    read = contacts[outcome].map(lambda value: named.get(str(value).strip().casefold()))
    if read.isna().any():
        rows = np.flatnonzero(read.isna().to_numpy())
        cases = pd.DataFrame({"file": "contacts", "row": rows + 2, "column": outcome,
                              "value": contacts[outcome].astype(str).to_numpy()[rows], "problem": "unknown outcome"})  # fmt: skip
        raise DataError(f"{len(rows)} outcomes are not known (rows {_some(rows + 2)}). "
                        f"Use one of {', '.join(CODES)}, or their AAPOR codes.", cases)  # fmt: skip
    counted = pd.crosstab([contacts[name] for name in by], read).reindex(columns=list(CODES), fill_value=0)
    return counted.rename_axis(columns=None).reset_index()


def checked_tallies(tallies: TallySheet | pd.DataFrame) -> pd.DataFrame:
    """Filled tallies as whole numbers: blank outcomes count 0, hours not worked are left out.

    Outcome columns that are absent count 0; without ``complete`` it is no tally. ``leavers`` may be blank. An hour of a
    block (without hours: a block) that was entered twice is refused, since counts are added up.
    """
    frame = tallies.frame if isinstance(tallies, TallySheet) else tallies
    check_columns(["block", "complete"], frame.columns, "tallies")
    frame = frame.reset_index(drop=True)
    counted = [name for name in ("leavers", *CODES) if name in frame]
    numbers = {name: pd.to_numeric(frame[name], errors="coerce") for name in counted}
    found = []
    for name, number in numbers.items():
        bad = (number < 0) | (number % 1 > 0)
        if not pd.api.types.is_numeric_dtype(frame[name]):  # a text that is neither a number nor blank
            bad |= number.isna() & frame[name].notna() & (frame[name].astype(str).str.strip() != "")
        found += [(row + 2, name, frame[name].iloc[row], "not a count") for row in np.flatnonzero(bad)]
    values = pd.DataFrame(numbers).reindex(columns=["leavers", *CODES])
    worked = values.notna().any(axis=1)
    values[list(CODES)] = values[list(CODES)].fillna(0)
    over = values["leavers"] < values[list(CODES)].sum(axis=1)
    found += [(row + 2, "leavers", values["leavers"].iloc[row], "fewer leavers than outcomes")
              for row in np.flatnonzero(over)]  # fmt: skip
    found += [(row + 2, "block", None, "no block") for row in np.flatnonzero(frame["block"].isna())]
    found += [(row + 2, "block", frame["block"].iloc[row], "entered twice")
              for row in np.flatnonzero(_entered_twice(frame, worked))]  # fmt: skip
    if found:
        cases = pd.DataFrame(found, columns=["row", "column", "value", "problem"])
        cases.insert(0, "file", "tallies")
        raise DataError(f"tallies have {len(cases)} cells that cannot be used (rows {_some(cases['row'])}: "
                        f"{', '.join(dict.fromkeys(cases['problem']))}). Give counts: one row for each hour of a "
                        "block, every leaver once, every picked one with one outcome.", cases)  # fmt: skip
    if not worked.any():
        raise DataError("tallies are empty: no hour has a count. Fill in the sheets first.")
    other = frame.drop(columns=counted)
    return other.join(values)[worked].reset_index(drop=True)


def group_counts(tallies: pd.DataFrame) -> pd.DataFrame:
    """The outcomes of checked tallies added up to AAPOR's sets ``I, P, R, NC, O, U, NE``, row by row."""
    sets: dict[str, list[str]] = {}
    for each in DISPOSITIONS:
        sets.setdefault(each.group, []).append(each.name)
    return pd.DataFrame({group: tallies[names].sum(axis=1) for group, names in sets.items()}, index=tallies.index)


def eligible_share(counts: pd.DataFrame) -> float:
    """e: the share of eligible people among those of known eligibility; nan where nobody's is known.

    >>> eligible_share(pd.DataFrame([dict(I=4, P=2, R=1, NC=1, O=1, U=2, NE=1)]))
    0.9
    """
    known = counts[["I", "P", "R", "NC", "O"]].to_numpy().sum()
    total = known + counts["NE"].to_numpy().sum()
    return float(known / total) if total else float("nan")


def chosen_share(e: float | None, counts: pd.DataFrame) -> float:
    """e as given, from 0 to 1, or estimated."""
    if e is None:
        return eligible_share(counts)
    if isinstance(e, bool) or not isinstance(e, (int, float)) or not 0 <= e <= 1:
        raise SpecError(f"e={e!r} must be a share from 0 to 1: how many of the unknown are eligible.")
    return float(e)


def _entered_twice(frame: pd.DataFrame, worked: pd.Series) -> Array:
    """(rows,) True for filled rows of the same block and hour; a row without its hour is about the whole block."""
    hour = frame["hour"].astype(str).str.strip() if "hour" in frame else pd.Series("", index=frame.index)
    blank = hour.eq("") | (frame["hour"].isna() if "hour" in frame else True)
    rows = pd.DataFrame({"block": frame["block"], "hour": hour.mask(blank, ""), "whole": blank})[worked]
    rows = rows[rows["block"].notna()]
    several = rows["block"].map(rows["block"].value_counts()) > 1
    twice = rows.duplicated(["block", "hour"], keep=False) | (
        rows["whole"].groupby(rows["block"]).transform("any") & several
    )
    return twice.reindex(frame.index, fill_value=False).to_numpy(bool)


def _some(rows: Any) -> str:
    listed = [str(int(row)) for row in list(rows)[:5]]
    return ", ".join(listed) + (", …" if len(rows) > 5 else "")


_LINE = "_" * 12
_HOURS_HIGH = {1: 9.4, 2: 7.2}  # centimetres: all hours of a page together, by the number of languages
_HOUR_LEAST, _HOUR_MOST = 0.8, 4.0
_TIME_WIDE, _LEAVERS_WIDE = 1.7, 6.0


def _add_cover(document: Any, turns: pd.DataFrame, codes: Sequence[Language], plan: InterceptPlan) -> Any:
    """The timetable of one interviewer; its heading is given back."""
    from survey_design.forms.word import add_heading, add_paragraph, add_space, add_table, page_width

    values = {"interviewer": turns["interviewer"].iloc[0], "blocks": len(turns), "s": "s" * (len(turns) != 1),
              "hours": int(turns["hours"].sum())}  # fmt: skip
    heading = add_heading(document, " / ".join(say(_WORDS["cover"], code).format(**values) for code in codes))
    named = [
        "day",
        "from to",
        *(name for name in ("region", "store", "address") if name in turns),
        "block",
        "k",
        "interviews",
    ]
    heads = [
        *(
            _both(_WORDS[name] if name in _WORDS and name != "address" else PLAN_COLUMNS[name].label, codes)
            for name in named
        )
    ]
    rows = [[_cover_cell(name, about, codes, plan) for name in named] for _, about in turns.iterrows()]
    share = {"day": 3.0, "from to": 2.4, "k": 2.3, "interviews": 2.6, "block": 5.0}
    free = (page_width(landscape=True) - sum(share[name] for name in named if name in share)) / sum(
        name not in share for name in named)  # fmt: skip
    add_table(document, [heads, *rows], [share.get(name, free) for name in named], size=9.5)
    add_space(document)
    for code in codes:
        add_paragraph(document, say(_WORDS["no stop"], code))
    return heading


def _cover_cell(name: str, about: pd.Series, codes: Sequence[Language], plan: InterceptPlan) -> str:
    if name == "day":
        return "\n".join(dict.fromkeys(plan.in_language(code).day_words(str(about["day"])) for code in codes))
    if name == "from to":
        return f"{about['start']}:00–{about['end']}:00"
    if name == "interviews":
        return f"{about['interviews']:.0f}"
    if name == "store":
        return "\n".join(dict.fromkeys(plan.in_language(code).value_words("store", about["store"]) for code in codes))
    return "" if is_missing(about[name]) else str(about[name])


def _add_page(
    document: Any, about: pd.Series, hours: Sequence[int], codes: Sequence[Language], plan: InterceptPlan
) -> None:
    """The page of one block: what it is, the rule, the table to be filled, who filled it."""
    from survey_design.forms.word import add_heading, add_paragraph, add_space, add_table, page_width

    heading = add_heading(document, " / ".join(_page_title(about, code, plan) for code in codes), 2)
    heading.paragraph_format.page_break_before = True
    for code in codes:
        for line in _page_lines(about, code):
            add_paragraph(document, line, size=9)
    table = _page_table(hours, codes)
    narrow = (page_width(landscape=True) - _TIME_WIDE - _LEAVERS_WIDE) / (len(table[0]) - 2)
    height = min(_HOUR_MOST, max(_HOUR_LEAST, _HOURS_HIGH[len(codes)] / len(hours)))
    sheet = add_table(
        document, table, [_TIME_WIDE, _LEAVERS_WIDE, *[narrow] * (len(table[0]) - 2)], size=8, row_height=height
    )
    sheet.rows[0].height = None  # as high as its words
    add_space(document, 10)
    labels = [_both(_WORDS[name], codes).replace("\n", " ") for name in ("begun", "ended", "name", "signature")]
    add_paragraph(document, "    ".join(f"{label} {_LINE * (1 + (k > 1))}" for k, label in enumerate(labels)), size=9)


def _page_title(about: pd.Series, language: Language, plan: InterceptPlan) -> str:
    weekday = say(PLAN_COLUMNS["weekday"].words[about["weekday"]], language)
    return say(_WORDS["page"], language).format(
        store=plan.in_language(language).value_words("store", about["store"]), day=about["day"], weekday=weekday,
        start=about["start"], end=about["end"],
    )  # fmt: skip


def _page_lines(about: pd.Series, language: Language) -> list[str]:
    """Where, who, which leavers, and the rule."""
    first, k = int(about["first"]), int(about["k"])
    picks = [str(first + k * j) for j in range(max(3, min(45, int(1.3 * about["leavers"] / k) + 1)))]
    labels = {each.name: say(each.label, language) for each in DISPOSITIONS}
    who = say(_WORDS["who"], language).format(
        block=about["block"], interviewer=about["interviewer"], leavers=f"{about['leavers']:.0f}",
        interviews=f"{about['interviews']:.0f}",
    )  # fmt: skip
    if "address" in about and not is_missing(about["address"]):
        who = f"{who} {say(_WORDS['address'], language).format(address=about['address'])}"
    return [who, say(_WORDS["picks"], language).format(k=k, first=first, picks=", ".join(picks)),
            say(_WORDS["rule"], language).format(missed=labels["missed"], unknown=labels["unknown"])]  # fmt: skip


def _both(words: Text, codes: Sequence[Language]) -> str:
    return "\n".join(dict.fromkeys(say(words, code) for code in codes))


def _page_table(hours: Sequence[int], languages: Sequence[Language]) -> list[list[str]]:
    """The table to be filled: hours down, leavers and outcomes across."""

    def heading(name: str) -> str:
        return "\n".join(_COLUMNS[name].heading(code) for code in languages)

    head = [
        "\n".join(say(_WORDS["time"], code) for code in languages),
        *(heading(name) for name in ("leavers", *CODES)),
    ]
    return [head, *([f"{hour}–{hour + 1}", *[""] * (len(head) - 1)] for hour in hours)]
