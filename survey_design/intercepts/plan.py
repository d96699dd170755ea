"""Who stands where, when, and asks every how-manieth leaver? The plan of an exit survey, each chance known."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.intercepts.assignment import assigned, strained_days
from survey_design.intercepts.blocks import hourly_footfall, time_blocks, weekday_of
from survey_design.intercepts.drawing import draw_table
from survey_design.results import Column, Language, Result, Text, is_missing, say
from survey_design.sampling import SampleDesign
from survey_design.sampling.allocation import allocate, priority_allocation
from survey_design.sampling.margins import label_text
from survey_design.sampling.selection import inclusion_probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Quotas = Literal["traffic", "equal"]
_EVERYWHERE = "all"
_ABOUT = ("area_type", "tier", "region", "address")  # what may be known of a store
_HALF = ", if no more than half of those who would answer are to be missed"
_NAMED = 8  # interviewer-days named in a note

WEEKDAYS: Mapping[int, Text] = {
    k: {"en": en, "zh": f"周{zh}"}
    for k, (en, zh) in enumerate(zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "一二三四五六日", strict=True))
} | {-1: {"en": "", "zh": ""}}
PLAN_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("block", {"en": "block", "zh": "时段编号"}),
        Column("store", {"en": "store", "zh": "门店"}),
        Column("area_type", {"en": "area type", "zh": "区域类型"}),
        Column("tier", {"en": "tier", "zh": "门店层级"}),
        Column("region", {"en": "region", "zh": "地区"}),
        Column("address", {"en": "address", "zh": "地址"}),
        Column("day", {"en": "day", "zh": "日期"}),
        Column("weekday", {"en": "weekday", "zh": "星期"}, "text", WEEKDAYS),  # type: ignore[arg-type]
        Column("start", {"en": "from (h)", "zh": "开始（时）"}, "count"),
        Column("end", {"en": "to (h)", "zh": "结束（时）"}, "count"),
        Column("interviewer", {"en": "interviewer", "zh": "访问员"}),
        Column("leavers", {"en": "leavers expected", "zh": "预计离店人数"}, "count"),
        Column("k", {"en": "every k-th", "zh": "每 k 人取一"}, "count"),
        Column("first", {"en": "first leaver asked", "zh": "首位（第几人）"}, "count"),
        Column("approaches", {"en": "people approached", "zh": "预计拦截人数"}, "number", decimals=1),
        Column("interviews", {"en": "interviews expected", "zh": "预计完成访问"}, "number", decimals=1),
        Column("refusals", {"en": "approached in vain", "zh": "拦截未成"}, "number", decimals=1),
        Column("missed", {"en": "picked, but interviewer busy", "zh": "抽中但访问员正忙"}, "number", decimals=1),
        Column("p_store", {"en": "chance of the store", "zh": "门店入样概率"}, "number", decimals=4),
        Column("p_block", {"en": "chance of the block", "zh": "时段入样概率"}, "number", decimals=4),
        Column("p_leaver", {"en": "chance of a leaver", "zh": "离店者入样概率"}, "number", decimals=5),
        Column("weight", {"en": "weight", "zh": "权数"}, "number", decimals=1),
        Column("stratum", {"en": "stratum", "zh": "层"}),
        Column("cluster", {"en": "cluster", "zh": "群"}),
        Column("traffic", {"en": "traffic of the period", "zh": "期间客流量"}, "count"),
        Column("quota", {"en": "quota", "zh": "配额"}, "count"),
        Column("blocks", {"en": "blocks", "zh": "时段数"}, "count"),
        Column("blocks_open", {"en": "blocks to draw from", "zh": "可抽时段数"}, "count"),
    )
}
_WORDS: Mapping[str, Text] = {
    "title": {"en": "Exit interviews: {interviews} expected in {blocks} block{s_blocks} at {stores} store{s_stores}",
              "zh": "门店出口拦截访问计划：{stores} 家门店、{blocks} 个时段，预计完成 {interviews} 份"},
    "quotas": {"en": "Interviews per store", "zh": "各门店访问配额"},
    "timetable": {"en": "Timetable of the interviewers", "zh": "访问员排班表"},
    "quota rule": {"en": "quotas {rule}, at least {minimum} per store", "zh": "配额{rule}，每店不少于 {minimum} 份"},
    "traffic": {"en": "in proportion to traffic", "zh": "按客流量比例分配"},
    "equal": {"en": "the same for every store", "zh": "各店相等"},
    "stores given": {"en": "all {stores} stores are visited: the result speaks about these stores",
                     "zh": "走访全部 {stores} 家门店，结果只代表这些门店"},
    "stores drawn": {"en": "{stores} of {frame} stores drawn in proportion to traffic within area types",
                     "zh": "按客流量比例、分区域类型从 {frame} 家门店中抽取 {stores} 家"},
    "blocks": {"en": "blocks drawn in proportion to footfall; in a block every k-th leaver from a random start",
               "zh": "时段按客流量比例抽取，时段内随机起点、每 k 位离店者拦截一位"},
    "response": {"en": "expected numbers assume that {eligible} of leavers are eligible, that {response} of these respond if they are "
                       "approached, and that whoever is picked during an interview of {minutes} minutes is missed",
                 "zh": "预计数假定 {eligible} 的离店者符合条件，其中被拦截者有 {response} 接受访问，每次访问 {minutes} 分钟，期间抽中者计为未及拦截"},
    "waiting": {"en": "expected numbers assume that {eligible} of leavers are eligible, that {response} of these respond, and that "
                      "whoever is picked waits until the interviewer is free",
                "zh": "预计数假定 {eligible} 的离店者符合条件，其中 {response} 接受访问，被抽中者等候至访问员空闲"},
    "seed": {"en": "seed {seed}", "zh": "随机种子 {seed}"},
    "no stop": {"en": "Interview to the end of a block even if its number is reached: stopping early would favour early leavers.",
                "zh": "即使已达到预计份数，也须访问至时段结束：提前收工会使较早离店者入样过多。"},
    "lonely store": {"en": "area types with a single drawn store, whose error can only be borrowed from the others: {named}",
                     "zh": "以下区域类型只抽中一家门店，其误差只能借用其他门店估计：{named}"},
    "lonely block": {"en": "stores with a single block, whose error can only be borrowed from the others: {named}",
                     "zh": "以下门店只有一个时段，其误差只能借用其他门店估计：{named}"},
    "short": {"en": "quotas that the footfall only just misses (expected interviews below the quota): {named}",
              "zh": "以下门店预计完成数略低于配额：{named}"},
    "hurried": {"en": "interviewer-days with less than {hours:g} h between two stores: {named}",
                "zh": "以下访问员当日两店之间不足 {hours:g} 小时：{named}"},
    "long": {"en": "interviewer-days of more than {hours:g} h at the door: {named}", "zh": "以下访问员当日在岗超过 {hours:g} 小时：{named}"},
    "apart": {"en": "interviewer-days in two regions: {named}", "zh": "以下访问员当日须跨两个地区：{named}"},
    "more": {"en": "another interviewer would help", "zh": "增加访问员可避免上述情况"},
    "sentence": {
        "en": "{interviewers} interviewer{s_interviewers} work{verb} {blocks} block{s_blocks} at {stores} store{s_stores} on "
        "{days} day{s_days}; they approach about "
        "{approaches} leavers for about {interviews} interviews, {least} to {most} per store.",
        "zh": "{interviewers} 名访问员在 {days} 天内走访 {stores} 家门店的 {blocks} 个时段，约拦截 {approaches} 人，"
        "预计完成 {interviews} 份，每店 {least} 至 {most} 份。",
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class StoreQuotas(Result):
    """How many interviews each store gets: a row per store with traffic, quota, blocks and expected interviews."""

    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        return say(_WORDS["quotas"], self.language)

    def columns(self) -> tuple[Column, ...]:
        names = ("store", "area_type", "tier", "traffic", "p_store", "quota", "blocks", "blocks_open", "interviews")
        return tuple(PLAN_COLUMNS[name] for name in names)

    def note(self) -> str:
        return _noted(self.remarks, self.language)


@dataclass(frozen=True, eq=False, repr=False)
class Timetable(Result):
    """Where each interviewer stands at what time, sorted by interviewer."""

    def title(self) -> str:
        return say(_WORDS["timetable"], self.language)

    def columns(self) -> tuple[Column, ...]:
        names = (
            "interviewer",
            "day",
            "weekday",
            "start",
            "end",
            "region",
            "store",
            "block",
            "leavers",
            "k",
            "first",
            "interviews",
        )
        return tuple(PLAN_COLUMNS[name] for name in names if name != "region" or name in self.frame)

    def note(self) -> str:
        return say(_WORDS["no stop"], self.language)


@dataclass(frozen=True, eq=False, repr=False)
class InterceptPlan(Result):
    """The drawn blocks of an exit survey, one row each.

    Attributes
    ----------
    frame : one row per drawn block. ``leavers`` are expected ones; every ``k``-th is asked, from leaver number
        ``first`` on; ``p_leaver = p_store p_block / k`` is the chance of each leaver of the block, ``weight = 1 / p_leaver``
    stores : one row per chosen store: traffic, quota, blocks, expected interviews
    slots : one row per block that could have been drawn, with its chance
    frame_traffic : leavers of all stores in the table, chosen or not
    hourly : expected leavers of every hour of the drawn blocks: ``block, hour, leavers``
    remarks : what the note says
    """

    stores: pd.DataFrame = field(default_factory=pd.DataFrame)
    slots: pd.DataFrame = field(default_factory=pd.DataFrame)
    hourly: pd.DataFrame = field(default_factory=pd.DataFrame)
    frame_traffic: float = math.nan
    remarks: tuple[Text, ...] = ()

    @property
    def design(self) -> SampleDesign:
        """The design the analysis needs; :func:`intercept_weights` gives a frame with these columns."""
        return SampleDesign(strata="stratum", clusters="cluster", weight="weight", selection="probability")

    def title(self) -> str:
        counts = _counted(blocks=len(self.frame), stores=len(self.stores))
        return say(_WORDS["title"], self.language).format(interviews=f"{self.frame['interviews'].sum():,.0f}", **counts)

    def columns(self) -> tuple[Column, ...]:
        names = ("store", "area_type", "tier", "day", "weekday", "start", "end", "interviewer", "leavers", "k", "first",
                 "approaches", "interviews", "p_block", "p_leaver")  # fmt: skip
        return tuple(PLAN_COLUMNS[name] for name in names)

    def note(self) -> str:
        return (
            _noted(self.remarks, self.language) + " " * (self.language == "en") + say(_WORDS["no stop"], self.language)
        )

    def sentence(self) -> str:
        """The plan in one sentence."""
        frame, per_store = self.frame, self.frame.groupby("store")["interviews"].sum()
        counts = _counted(interviewers=frame["interviewer"].nunique(), blocks=len(frame), stores=len(self.stores),
                          days=frame["day"].nunique())  # fmt: skip
        return say(_WORDS["sentence"], self.language).format(
            **counts, verb="s" * (counts["interviewers"] == "1"), approaches=f"{frame['approaches'].sum():,.0f}",
            interviews=f"{frame['interviews'].sum():,.0f}", least=f"{per_store.min():.0f}", most=f"{per_store.max():.0f}",
        )  # fmt: skip

    def day_words(self, day: str) -> str:
        """A date as weekday, month and day; another day as it is called."""
        return _day_words(day, self.language)

    def with_blocks(self, rows: pd.DataFrame, *, where: str = "responses") -> pd.DataFrame:
        """Rows with the block of the plan in which they belong, found by store, date and hour where none is noted.

        Parameters
        ----------
        rows : DataFrame with ``block``; or with ``store``, ``date`` (or ``day``), and ``hour``: a number from 0 to 23, or a
            time such as "14:07". The hour may be left out where a store has a single block on a day.
        where : what the rows are called in errors

        Raises
        ------
        DataError
            Rows that fit no block, or several; all of them are in ``.cases``.

        Examples
        --------
        >>> import pandas as pd
        >>> hours = [("A", d, h, 60) for d in ("2026-03-06", "2026-03-07") for h in range(10, 14)]
        >>> footfall = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
        >>> plan = plan_intercepts(footfall, n=4, minimum=4, interviewers=1, seed=1)
        >>> plan.frame[["block", "start", "end"]].head(1).values.tolist()
        [['A-2026-03-06-10', 10, 12]]
        >>> plan.with_blocks(pd.DataFrame({"store": ["A"], "date": ["2026/3/6"], "hour": ["11:20"]}))["block"].tolist()
        ['A-2026-03-06-10']
        """
        noted = rows["block"].notna() & (rows["block"].astype(str).str.strip() != "") if "block" in rows else None
        if noted is not None and noted.all():
            return rows
        day = "date" if "date" in rows or "day" not in rows else "day"
        lacking = [name for name in ("store", day) if name not in rows]
        if lacking and noted is not None:
            return rows  # what is blank there is named by whoever reads the column
        if lacking:
            raise DataError(f"{where} don't say in which block of the plan they belong. Give the column 'block' as on the "
                            "tally sheet, complete; or 'store', 'date' and 'hour', from which it is found.",
                            pd.DataFrame({"file": where, "column": ["block", *lacking], "problem": "missing"}))  # fmt: skip
        bare = np.full(len(rows), True) if noted is None else ~noted.to_numpy()
        found = np.array(rows["block"] if "block" in rows else [None] * len(rows), dtype=object)
        found[bare] = _found_blocks(self.frame, rows, day, bare, where)
        return rows.assign(block=found)

    def by_store(self) -> StoreQuotas:
        """Traffic, quota, blocks and expected interviews of every chosen store."""
        return StoreQuotas(self.stores, self.language, remarks=self.remarks[:1], called=self.called)

    def timetable(self) -> Timetable:
        """The drawn blocks sorted by interviewer, day and hour."""
        rows = self.frame.sort_values(["interviewer", "day", "start"], ignore_index=True)
        return Timetable(rows, self.language, called=self.called)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Stores by time: footfall as shade, drawn blocks marked with their interviewer, all footfall beneath."""
        from survey_design.plots.intercepts import draw_intercepts

        return draw_intercepts(self, ax)


def plan_intercepts(
    footfall: pd.DataFrame,
    *,
    n: int,
    interviewers: int | Sequence[str],
    seed: int,
    stores: pd.DataFrame | None = None,
    choose: int | None = None,
    days: Sequence[Any] | None = None,
    block_hours: int = 2,
    blocks_per_store: int = 2,
    minutes_per_interview: float = 10,
    eligible: float = 1.0,
    response: float = 0.5,
    minimum: int = 5,
    quotas: Quotas = "traffic",
    travel_hours: float = 1.0,
    hours_per_day: float = 8.0,
    waiting: bool = False,
    language: Language = "en",
) -> InterceptPlan:
    """Draw stores, time blocks and every k-th leaver for interviews at the door, with known chances.

    A customer who leaves store s in block b is asked with probability ``p_store p_block / k``:

    1. **Stores.** All that are given, or ``choose`` of them, drawn in proportion to traffic within each area type, at
       least two of each (one where there are not enough): all area types are covered.
    2. **Quotas.** ``n`` interviews are shared out in proportion to traffic, at least ``minimum`` per store.
    3. **Blocks.** Opening hours are cut into blocks of ``block_hours``. A store gets as many as its quota needs, and at
       least ``blocks_per_store``, so that the error can be estimated. They are drawn with ``p_block = m F_b / F`` (m
       blocks, footfall F_b of F; blocks above 1 are taken for certain). All stores are drawn together so that no time
       gets more blocks than interviewers: :func:`draw_table`.
    4. **Leavers.** Every k-th is picked, the first one drawn from 1 to k. Whoever is picked while the interviewer is
       busy is missed: of y interviews that could be had, ``y / (1 + y minutes / block minutes)`` are held
       (:func:`held_interviews`). ``k`` is as large as the interviews wanted in the block allow, and so large that no
       more could be had than fit into the block end to end: at most half of them are missed.
    5. **Interviewers.** Who works a block changes no chance. Interviewers stay in one region a day, mostly in the same
       one, have ``travel_hours`` between two stores, and no more than ``hours_per_day``. Where the drawn blocks do not
       allow this, the note names the interviewer and the day.

    Parameters
    ----------
    footfall : DataFrame with ``store, day, hour, leavers``: how many are expected to leave in each hour. Days are dates,
        names of weekdays, or any texts that sort in time. Closed hours have no row.
    n : interviews wanted altogether
    interviewers : how many, or their names; one stands at one store in one block
    seed : the same seed draws the same plan
    stores : DataFrame with ``store`` and, where known, ``area_type``, ``tier``, ``region`` (a city: nobody works in two on
        a day) and ``address`` (for the tally sheets)
    choose : number of stores to draw; all of them without it
    days : dates of the field, where ``footfall`` describes a typical week by weekday
    block_hours : length of a block
    blocks_per_store : least number of blocks; one block has no error of its own
    minutes_per_interview : with screening and noting down; as long nobody else can be approached
    eligible : share of leavers who are to be asked (have just bought something)
    response : share of those approached and eligible who give an interview. Who is picked during an interview is not
        approached: the plan allows for them on top, the tally has code 2.2 (missed) for them, and response rates of
        the field count them.
    minimum : least quota of a store
    quotas : shared out by "traffic" or "equal"
    travel_hours : least time between two blocks of an interviewer at different stores on one day. By default an hour:
        no two blocks in succession. 0 where stores stand side by side.
    hours_per_day : most hours at the door of an interviewer on a day
    waiting : True if a second person counts, picks, and keeps picked leavers until the interviewer is free. Then nobody
        is missed, and a block holds as many interviews as fit into it end to end.

    Returns
    -------
    InterceptPlan
        A row per drawn block. ``.stores`` has the quotas, ``.timetable()`` the interviewers' days, ``.design`` what the
        analysis needs. ``approaches`` are those reached, ``missed`` those picked while the interviewer was busy.
        Blocks hold at least the wanted number on average, more where k is small and rounds far down.

    Notes
    -----
    The design for the analysis takes stores as strata and blocks as clusters where all stores are visited. Where stores
    were drawn, area types are the strata and stores the clusters; a store that was certain to be drawn stays a stratum
    ("store=…" where an area type has the same name). Interviews held
    are those of a long day with leavers coming by chance; simulated blocks of two hours have up to 0.7 more, since
    they begin with a free interviewer and every k-th leaver comes rather evenly.
    Draws without replacement are treated as with replacement, so errors are rather too large than too small
    (docs/intercepts.md).

    Raises
    ------
    DataError
        With the rows: negative or missing footfall, hours missing within a day, blocks that nobody leaves, unknown
        stores, quotas that cannot be met, times at which more blocks are expected than there are interviewers.
    SpecError
        Arguments that cannot be used.

    References
    ----------
    Kalton (1991), Survey Methodology 17, 183-194 (flows of people: time and place, then every k-th).
    Sudman (1980), Journal of Marketing Research 17, 423-431 (shopping centres).
    Chances and coverage were checked by simulation: tests/test_intercepts.py, docs/intercepts.md.

    Examples
    --------
    >>> import pandas as pd
    >>> footfall = pd.DataFrame(
    ...     [
    ...         (s, d, h, 30 + 10 * (s == "B"))
    ...         for s in "AB"
    ...         for d in ("2026-03-06", "2026-03-07")
    ...         for h in range(10, 18)
    ...     ],
    ...     columns=["store", "day", "hour", "leavers"],
    ... )
    >>> plan = plan_intercepts(footfall, n=30, interviewers=2, seed=1)
    >>> plan.stores[["store", "quota", "blocks"]].values.tolist()
    [['A', 13, 3], ['B', 17, 3]]
    >>> bool((plan.frame["p_leaver"] == plan.frame["p_store"] * plan.frame["p_block"] / plan.frame["k"]).all())
    True
    """
    check_choice("quotas", quotas, Quotas)
    names = _interviewer_names(interviewers)
    _check_numbers(n=n, travel_hours=travel_hours, hours_per_day=hours_per_day, block_hours=block_hours, blocks_per_store=blocks_per_store, minimum=minimum,
                   minutes_per_interview=minutes_per_interview, eligible=eligible, response=response,
                   choose=1 if choose is None else choose)  # fmt: skip
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise SpecError(f"seed={seed!r} must be a whole number from 0, so that the plan can be drawn again.")
    generator = np.random.default_rng(seed)
    hourly = hourly_footfall(footfall, days)
    blocks = time_blocks(hourly, block_hours)
    known = _store_table(blocks, stores)
    frame_size, frame_traffic = len(known), float(known["traffic"].sum())
    chosen = _chosen_stores(known, choose, generator)
    chosen["quota"] = _quotas(chosen, n, minimum, quotas)
    slots = blocks[blocks["store"].isin(chosen["store"])].reset_index(drop=True)
    chosen, slots = _block_chances(chosen, slots, eligible * response, minutes_per_interview, waiting, blocks_per_store)
    _check_interviewers(slots, len(names))
    drawn = slots[_drawn(chosen, slots, generator)].reset_index(drop=True)
    frame = _plan_rows(chosen, drawn, eligible * response, minutes_per_interview, waiting, generator)
    frame["interviewer"] = assigned(frame, names, travel_hours, hours_per_day)
    chosen["interviews"] = frame.groupby("store")["interviews"].sum().reindex(chosen["store"]).to_numpy()
    remarks = _remarks(
        chosen, frame, frame_size, choose, quotas, minimum, eligible, response, minutes_per_interview, waiting, seed
    )
    remarks += _strains(frame, travel_hours, hours_per_day)
    return InterceptPlan(frame, language, stores=chosen, slots=slots, hourly=_hours_of_blocks(frame, hourly),
                         frame_traffic=frame_traffic, remarks=remarks)  # fmt: skip


# --- stores and quotas -------------------------------------------------------------------------------------


def _interviewer_names(interviewers: int | Sequence[str]) -> list[str]:
    if isinstance(interviewers, str) or not isinstance(interviewers, (int, np.integer, Sequence)):
        raise SpecError("interviewers must be a number or a list of names.")
    if isinstance(interviewers, Sequence):
        names = [str(name) for name in interviewers]
        if not names or len(set(names)) < len(names):
            raise SpecError("interviewers must be different names, at least one.")
        return names
    if interviewers < 1:
        raise SpecError(f"interviewers={interviewers!r}: at least one is needed.")
    return [f"I{k + 1:0{len(str(interviewers))}d}" for k in range(interviewers)]


def _check_numbers(**given: Any) -> None:
    """Whole numbers from 1, minutes above 0, shares above 0 and at most 1; all faults at once."""
    faults = []
    for name, value in given.items():
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)
        if name in ("eligible", "response"):
            fits, expected = number and 0 < value <= 1, "a share above 0, at most 1"
        elif name == "minutes_per_interview":
            fits, expected = number and value > 0, "a number of minutes above 0"
        elif name in ("travel_hours", "hours_per_day"):
            fits = number and (value > 0 or (value == 0 and name == "travel_hours"))
            expected = "a number of hours" + (" above 0" if name == "hours_per_day" else ", 0 or more")
        else:
            fits, expected = number and value >= 1 and value == int(value), "a whole number from 1"
        if not fits:
            faults.append(f"{name}={value!r} must be {expected}")
    if faults:
        raise SpecError("; ".join(faults) + ".")


def _store_table(blocks: pd.DataFrame, stores: pd.DataFrame | None) -> pd.DataFrame:
    """Stores with traffic and attributes; those of the two tables must be the same."""
    traffic = blocks.groupby("store", as_index=False).agg(traffic=("leavers", "sum"), blocks_open=("leavers", "size"))
    if stores is None:
        return traffic
    check_columns(["store"], stores.columns, "stores")
    given = stores[[name for name in ("store", *_ABOUT) if name in stores.columns]].reset_index(drop=True)
    given["row"], given["store"] = np.arange(2, len(given) + 2), given["store"].astype(str)
    problems = {"listed twice": given.duplicated("store"), "has no footfall": ~given["store"].isin(traffic["store"])}
    problems |= {f"has no {name}": given[name].isna() for name in ("area_type", "tier", "region") if name in given}
    faults = [
        given.loc[bad, ["row", "store"]].assign(file="stores", problem=problem) for problem, bad in problems.items()
    ]
    absent = traffic.loc[~traffic["store"].isin(given["store"]), ["store"]]
    cases = pd.concat([*faults, absent.assign(file="footfall", problem="is not among the stores")], ignore_index=True)
    if len(cases):
        named = "; ".join(
            f"{store} {problem}" for store, problem in zip(cases["store"][:5], cases["problem"], strict=False)
        )
        raise DataError(f"stores and footfall do not fit together in {len(cases)} places ({named}"
                        f"{'; …' if len(cases) > 5 else ''}). Each store needs one row in stores and hours in footfall.",
                        cases.rename(columns={"store": "value"}))  # fmt: skip
    return traffic.merge(given.drop(columns="row"), on="store", how="left")


def _chosen_stores(known: pd.DataFrame, choose: int | None, generator: Generator) -> pd.DataFrame:
    """The stores to visit, with their chance and the stratum they were drawn in; their own where they were certain."""
    area = known["area_type"].astype(str) if "area_type" in known else pd.Series(_EVERYWHERE, index=known.index)
    p = np.ones(len(known))
    if choose is not None:
        if choose > len(known):
            raise SpecError(f"choose={choose}: the footfall has {len(known)} stores only.")
        types, counts = _stores_per_type(area, known["traffic"], choose)
        for name, count in zip(types, counts, strict=True):
            p[area == name] = inclusion_probabilities(known.loc[area == name, "traffic"].to_numpy(), count)
        lines = np.stack([np.where(area == name, p, 0.0) for name in types])
        taken = draw_table(lines, generator).any(axis=0)
    else:
        taken = np.full(len(known), True)
    return (
        known.assign(p_store=p, stratum=store_strata(known["store"], p, area))
        .iloc[np.flatnonzero(taken)]
        .reset_index(drop=True)
    )


def store_strata(store: Sequence[Any] | pd.Series, chance: ArrayLike, drawn_in: Sequence[Any] | pd.Series) -> Array:
    """(stores,) strata of the analysis: what a store was drawn in; its own where it was certain to be drawn.

    Parameters
    ----------
    store : (stores,) names
    chance : (stores,) inclusion probabilities
    drawn_in : (stores,) name of the stratum that each was drawn in

    Notes
    -----
    A certain store gives its stratum its name, behind "store=" where a stratum is called like a store.

    >>> store_strata(["S1", "S2", "S3"], [1, 0.5, 0.5], ["city", "city", "city"]).tolist()
    ['S1', 'city', 'city']
    >>> store_strata(["city", "S2", "S3"], [1, 0.5, 0.5], ["city", "city", "city"]).tolist()
    ['store=city', 'city', 'city']
    """
    names, groups = (np.array([str(name) for name in given], dtype=object) for given in (store, drawn_in))
    own, before = np.asarray(chance, dtype=float) == 1, ""
    while {before + name for name in names[own]} & set(groups[~own]):
        before += "store="
    return np.where(own, before + names, groups)


def _stores_per_type(area: pd.Series, traffic: pd.Series, choose: int) -> tuple[list[str], Array]:
    """How many stores of each area type: by traffic, two of each where there are as many, else one."""
    types = list(dict.fromkeys(area))
    available = np.array([(area == name).sum() for name in types])
    if choose < len(types):
        raise SpecError(f"choose={choose} leaves out area types: there are {len(types)} ({', '.join(types)}), and each "
                        f"needs a store. Choose at least {len(types)}, better {np.minimum(available, 2).sum()}.")  # fmt: skip
    least = np.minimum(available, 2 if choose >= np.minimum(available, 2).sum() else 1)
    size = np.array([traffic[area == name].sum() for name in types])
    return types, priority_allocation(size, choose, least, available)


def _quotas(chosen: pd.DataFrame, n: int, minimum: int, rule: Quotas) -> Array:
    """(stores,) interviews of every store; traffic is a measure, not a number of people to be had."""
    method: Literal["proportional", "equal"] = "proportional" if rule == "traffic" else "equal"
    shared = allocate(chosen, n, method=method, by="store", size="traffic", minimum=minimum, capped=False)
    return shared.frame["n"].to_numpy(int)


# --- blocks and leavers ------------------------------------------------------------------------------------


def held_interviews(possible: Array, capacity: Array, waiting: bool = False) -> Array:
    """(b,) interviews held, if ``possible`` could be had by somebody who is never busy: ``y / (1 + y / capacity)``.

    An interviewer who holds h interviews is busy for the share ``h / capacity`` of the block, and misses as large a
    share of those who would respond: ``h = y (1 - h / capacity)``.

    Parameters
    ----------
    possible : (b,) leavers picked who are eligible and would respond
    capacity : (b,) interviews that fit into the block end to end: its minutes over those of an interview
    waiting : True if those who are picked wait until the interviewer is free; then all are held, up to the capacity

    References
    ----------
    Cox (1962), Renewal Theory, Methuen (a counter that is blocked after each event). Checked by simulating single leavers
    (tests/test_intercepts.py).

    >>> held_interviews(np.array([10.65, 1.0]), np.array([12.0, 12.0])).round(2).tolist()
    [5.64, 0.92]
    """
    return np.asarray(np.minimum(possible, capacity) if waiting else possible / (1 + possible / capacity))


def leaver_interval(leavers: Array, yields: float, wanted: float, capacity: Array, waiting: bool = False) -> Array:
    """(b,) k: every k-th leaver gives at least the wanted number of interviews, and not too many are missed.

    ``k = max(1, floor(leavers yields / y), ceil(leavers yields / capacity))``, with ``y = wanted / (1 - wanted /
    capacity)``, of which the wanted number is held (:func:`held_interviews`); ``y = wanted`` where leavers wait.

    >>> leaver_interval(np.array([300.0, 60.0, 10.0]), 0.5, 5, np.array([20, 10, 6])).tolist()
    [22, 3, 1]
    """
    expected = leavers * yields
    free = 1.0 if waiting else np.maximum(1 - wanted / capacity, 0.0)
    return np.maximum.reduce([np.ones(len(expected)), np.floor(expected * free / wanted + 1e-9),
                              np.ceil(expected / capacity - 1e-9)]).astype(int)  # fmt: skip


def _block_chances(
    chosen: pd.DataFrame, slots: pd.DataFrame, yields: float, minutes: float, waiting: bool, least: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Number of blocks of every store, and for every block its chance and k."""
    capacity = slots["hours"].to_numpy() * 60 / minutes
    if (slow := slots[capacity < 1]).size:
        hours = int(slow["hours"].min())
        raise SpecError(f"minutes_per_interview={minutes}: a block of {hours} h is too short for one interview.")
    p, k = np.zeros(len(slots)), np.ones(len(slots), dtype=int)
    count, missed = [], []
    leavers, rows = slots["leavers"].to_numpy(), slots.groupby("store").indices
    for store, quota in zip(chosen["store"], chosen["quota"], strict=True):
        mine = rows[store]
        m, expected = 0, 0.0
        for m in range(min(least, len(mine)), len(mine) + 1):
            p[mine] = inclusion_probabilities(leavers[mine], m)
            k[mine] = leaver_interval(leavers[mine], yields, quota / m, capacity[mine], waiting)
            expected = float(
                (p[mine] * held_interviews(leavers[mine] * yields / k[mine], capacity[mine], waiting)).sum()
            )
            if expected >= 0.95 * quota:
                break
        count.append(m)
        if expected < 0.95 * quota:
            missed.append((store, int(quota), round(expected, 1)))
    if missed:
        named = "; ".join(f"{store}: {quota} wanted, {most} can be expected" for store, quota, most in missed[:5])
        raise DataError(f"the quota cannot be met at {len(missed)} stores even if every block is worked ({named}). "
                        "Lower n or minimum, add days, or choose other stores; one interviewer per block holds "
                        f"at most {(60 if waiting else 30) / minutes:g} interviews an hour{'' if waiting else _HALF}.",
                        pd.DataFrame(missed, columns=["store", "quota", "expected"]).assign(problem="quota"))  # fmt: skip
    return chosen.assign(blocks=count), slots.assign(p_block=p, k=k)


def _check_interviewers(slots: pd.DataFrame, interviewers: int) -> None:
    """No time with more blocks to be expected than there are interviewers: then no draw has more."""
    times = slots.groupby("slot").agg(day=("day", "first"), start=("start", "min"), expected=("p_block", "sum"))
    over = times[times["expected"] > interviewers + 1e-9].reset_index(drop=True)
    if len(over):
        need = math.ceil(over["expected"].max() - 1e-9)
        named = "; ".join(f"{day} {start}:00 ({expected:.1f})" for day, start, expected in
                          over.head(5).itertuples(index=False))  # fmt: skip
        raise DataError(f"at {len(over)} times more blocks are to be expected than the {interviewers} interviewers can "
                        f"hold ({named}{'; …' if len(over) > 5 else ''}). {need} interviewers would do; or take more "
                        "days, fewer stores, or fewer interviews.", over.assign(problem="too few interviewers"))  # fmt: skip


def _drawn(chosen: pd.DataFrame, slots: pd.DataFrame, generator: Generator) -> Array:
    """(slots,) True for the blocks drawn: rows of the table are stores, columns are times."""
    row = pd.Index(chosen["store"]).get_indexer(slots["store"])
    times = np.unique(slots["slot"], return_inverse=True)[1]
    table = np.zeros((len(chosen), int(times.max()) + 1))
    table[row, times] = slots["p_block"]
    return draw_table(table, generator)[row, times]


def _plan_rows(
    chosen: pd.DataFrame, drawn: pd.DataFrame, yields: float, minutes: float, waiting: bool, generator: Generator
) -> pd.DataFrame:
    """One row per drawn block, with everything an interviewer and the analysis need."""
    about = [name for name in _ABOUT if name in chosen]
    frame = drawn.merge(chosen[["store", "p_store", "stratum", *about]], on="store", how="left")
    k = frame["k"].to_numpy()
    certain = frame["p_store"] == 1
    block = [f"{s}-{d}-{h:02d}" for s, d, h in zip(frame["store"], frame["day"], frame["start"], strict=True)]
    picked = frame["leavers"] / k
    held = held_interviews((picked * yields).to_numpy(), frame["hours"].to_numpy() * 60 / minutes, waiting)
    reached = held / yields
    frame = frame.assign(
        block=block, weekday=[weekday_of(day) for day in frame["day"]], first=generator.integers(1, k + 1),
        approaches=reached, interviews=held, refusals=reached - held, missed=picked - reached,
        p_leaver=frame["p_store"] * frame["p_block"] / k, interviewer="",
    )  # fmt: skip
    frame["weight"] = 1 / frame["p_leaver"]
    frame["cluster"] = np.where(certain, frame["block"], frame["store"])
    order = ["block", "store", *about, "day", "weekday", "start", "end", "hours", "slot", "interviewer", "leavers", "k",
             "first", "approaches", "interviews", "refusals", "missed", "p_store", "p_block", "p_leaver", "weight", "stratum",
             "cluster"]  # fmt: skip
    return frame.sort_values(["store", "slot"], ignore_index=True)[order]


def _hours_of_blocks(frame: pd.DataFrame, hourly: pd.DataFrame) -> pd.DataFrame:
    """Expected leavers of every hour of the drawn blocks."""
    joined = hourly.merge(frame[["store", "day", "start", "end", "block"]], on=["store", "day"])
    inside = joined[(joined["start"] <= joined["hour"]) & (joined["hour"] < joined["end"])]
    return inside[["block", "hour", "leavers"]].reset_index(drop=True)


# --- which block a row belongs to ------------------------------------------------------------------------


def _found_blocks(plan: pd.DataFrame, rows: pd.DataFrame, day: str, bare: Array, where: str) -> list[str]:
    """The block of every row that lacks one; all that fit none or several are refused at once."""
    weekly = bool(plan["day"].isin([str(k + 1) for k in range(7)]).all())
    blocks: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for each in plan.itertuples():
        blocks.setdefault((str(each.store), str(each.day)), []).append((each.start, each.end, each.block))  # type: ignore[arg-type]
    hours = rows["hour"] if "hour" in rows else pd.Series([None] * len(rows), index=rows.index)
    found, faults = [], []
    for k in np.flatnonzero(bare):
        store, on, at = (column.iloc[k] for column in (rows["store"], rows[day], hours))
        hour = hour_of(at)
        there = [] if is_missing(store) or is_missing(on) else blocks.get((label_text(store), _day(on, weekly)), [])
        fits = [name for start, end, name in there if hour is None or start <= hour < end]
        found.append(fits[0] if fits else "")
        if len(fits) != 1:
            problem = "several blocks on this day: the hour decides" if fits else "no block of the plan"
            faults.append(
                (where, k + 2, "block", " ".join("?" if is_missing(v) else str(v) for v in (store, on, at)), problem)
            )
    if faults:
        cases = pd.DataFrame(faults, columns=["file", "row", "column", "value", "problem"])
        named = "; ".join(f"row {row}, {value}: {problem}" for _, row, _, value, problem in faults[:5])
        raise DataError(f"{len(cases)} rows of {where} fit no single block of the plan ({named}{'; …' if len(cases) > 5 else ''}). "
                        "Correct store, date and hour; whoever was picked in a block belongs to it, also if the interview "
                        "began after its end. Or give the block as it stands on the tally sheet.", cases)  # fmt: skip
    return found


def _day(value: Any, weekly: bool) -> str:
    """A day as the plan writes it: an ISO date, the number of the weekday, or its own text.

    >>> _day("2026/3/7", False), _day(pd.Timestamp("2026-03-07"), True), _day("周六", True), _day("day 3", False)
    ('2026-03-07', '6', '6', 'day 3')
    """
    text = str(value).strip()
    told = re.match(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)", text)
    if told:
        text = f"{told[1]}-{int(told[2]):02d}-{int(told[3]):02d}"
    weekday = weekday_of(text) if weekly else -1
    return text if weekday < 0 else str(weekday + 1)


def hour_of(value: Any) -> int | None:
    """The hour of a number or a time; None where there is none, -1 (in no block) where it is something else.

    >>> hour_of(9.0), hour_of("14:07"), hour_of("2026-03-02T09:58:12+08:00"), hour_of(""), hour_of("noon")
    (9, 14, 9, None, -1)
    """
    text = "" if is_missing(value) else str(value).strip()
    if not text:
        return None
    told = re.fullmatch(r"(\d{1,2})(?:\.0+)?", text) or re.search(r"(?:^|[ T])(\d{1,2}):\d{2}", text)
    return int(told[1]) if told else -1


# --- words -------------------------------------------------------------------------------------------------


def _counted(**counts: int) -> dict[str, str]:
    """Numbers in words, and for each the s that English nouns take behind more than one."""
    return {name: f"{n:,}" for name, n in counts.items()} | {f"s_{name}": "s" * (n != 1) for name, n in counts.items()}


def _noted(remarks: Sequence[Text], language: str) -> str:
    glue, stop = ("；", "。") if language == "zh" else ("; ", ".")
    return glue.join(say(remark, language) for remark in remarks) + stop


def _remark(key: str, **values: Text | str) -> Text:
    return {code: _WORDS[key][code].format(**{name: say(value, code) for name, value in values.items()})
            for code in ("en", "zh")}  # fmt: skip


def _listed(names: Sequence[str]) -> Text:
    return {"en": ", ".join(names), "zh": "、".join(names)}


def _remarks(
    chosen: pd.DataFrame, frame: pd.DataFrame, frame_size: int, choose: int | None, quotas: Quotas, minimum: int,
    eligible: float, response: float, minutes: float, waiting: bool, seed: int,
) -> tuple[Text, ...]:  # fmt: skip
    """What the note says."""
    counts = {"stores": str(len(chosen)), "frame": str(frame_size)}
    said = [
        _remark("quota rule", rule=_WORDS[quotas], minimum=str(minimum)),
        _remark("stores given" if choose is None else "stores drawn", **counts),
        _remark("blocks"),
        _remark(
            "waiting" if waiting else "response",
            eligible=f"{eligible:.0%}",
            response=f"{response:.0%}",
            minutes=f"{minutes:g}",
        ),
        _remark("seed", seed=str(seed)),
    ]
    clusters = frame.groupby("stratum").agg(
        clusters=("cluster", "nunique"), own=("p_store", lambda p: bool((p == 1).all()))
    )
    for key, own in (("lonely store", False), ("lonely block", True)):
        lonely = clusters.index[(clusters["clusters"] == 1) & (clusters["own"] == own)]
        if len(lonely):
            said.append(_remark(key, named=_listed([str(name) for name in lonely])))
    short = chosen.loc[chosen["interviews"] < chosen["quota"] - 0.5, "store"]
    return (*said, _remark("short", named=_listed(list(short)))) if len(short) else tuple(said)


def _strains(frame: pd.DataFrame, travel: float, hours: float) -> tuple[Text, ...]:
    """Days on which an interviewer has too little time for the way, too many hours, or two regions, by name."""
    said: list[Text] = []
    for key, limit, rows in zip(("hurried", "long", "apart"), (travel, hours, math.nan),
                                strained_days(frame, travel, hours), strict=True):  # fmt: skip
        if rows:
            said.append({code: _WORDS[key][code].format(hours=limit, named=_cut([f"{who} {_day_words(day, code)}" for who, day in rows], code))
                         for code in ("en", "zh")})  # fmt: skip
    return (*said, _WORDS["more"]) if said else ()


def _cut(names: Sequence[str], language: str) -> str:
    glue = "、" if language == "zh" else ", "
    return glue.join(names[:_NAMED]) + (f"{glue}…" if len(names) > _NAMED else "")


def _day_words(day: str, language: str) -> str:
    name = say(WEEKDAYS[weekday_of(day)], language)
    return f"{name} {day[5:]}" if name and len(day) == 10 else name or day
