"""What a plan of visits looks like: the visits, the cards of inspectors, what is missing, and what an audit found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from survey_design.errors import SpecError
from survey_design.intercepts.plan import WEEKDAYS
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODES: Mapping[str, Text] = {"covert": {"en": "covert", "zh": "暗访"}, "overt": {"en": "overt", "zh": "明访"}}
SCENARIOS: Mapping[str, Text] = {
    "enquiry": {"en": "enquiry", "zh": "咨询"},
    "followed_purchase": {"en": "followed purchase", "zh": "跟随购买"},
    "real_purchase": {"en": "real purchase", "zh": "实际购买"},
    "": {"en": "", "zh": ""},
}
TIMES_OF_DAY: Mapping[str, Text] = {
    "morning": {"en": "morning", "zh": "上午"},
    "afternoon": {"en": "afternoon", "zh": "下午"},
    "evening": {"en": "evening", "zh": "晚间"},
}
REASONS: Mapping[str, Text] = {
    "nobody": {
        "en": "nobody may visit this store (ties, areas, languages)",
        "zh": "因私人关系、区域或语言限制，无人可访",
    },
    "rotation": {
        "en": "fewer inspectors may visit this store than rotation needs",
        "zh": "可访人员少于轮换所需的最低人数",
    },
    "capacity": {"en": "no inspector with capacity left whom rotation allows", "zh": "符合轮换要求的人员当月均无余力"},
    "no day": {"en": "no open day left in this part of the month", "zh": "该时段内已无可访日期"},
}
RULES: Mapping[str, Text] = {
    "rotation": {"en": "back at the store too early", "zh": "同一人员间隔不足再访同店"},
    "rotation_area": {"en": "back in the area too early", "zh": "同一人员间隔不足再访同区域"},
    "frequency": {"en": "too few visits in a month", "zh": "当月访问次数不足"},
    "capacity": {"en": "more visits than an inspector's capacity", "zh": "超出人员月访问能力"},
    "tie": {"en": "personal tie", "zh": "存在私人关系"},
    "unknown_store": {"en": "unknown store", "zh": "未知门店"},
    "unknown_inspector": {"en": "unknown inspector", "zh": "未知人员"},
    "duplicate": {"en": "listed twice", "zh": "重复记录"},
    "unreadable": {
        "en": "no store, no inspector, or not a date (write 2026-03-05)",
        "zh": "门店或人员缺失，或不是日期（请写作 2026-03-05）",
    },
}
_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("visit", {"en": "visit", "zh": "访问编号"}),
        Column("month", {"en": "month", "zh": "月份"}),
        Column("date", {"en": "date", "zh": "日期"}),
        Column("weekday", {"en": "weekday", "zh": "星期"}, "text", WEEKDAYS),  # type: ignore[arg-type]
        Column("time_of_day", {"en": "time of day", "zh": "时段"}, "text", TIMES_OF_DAY),
        Column("store", {"en": "store", "zh": "门店"}),
        Column("tier", {"en": "tier", "zh": "门店层级"}),
        Column("area", {"en": "area", "zh": "区域"}),
        Column("inspector", {"en": "inspector", "zh": "检查人员"}),
        Column("agency", {"en": "agency", "zh": "机构"}),
        Column("mode", {"en": "mode", "zh": "方式"}, "text", MODES),
        Column("scenario", {"en": "scenario", "zh": "情景"}, "text", SCENARIOS),
        Column("second_of", {"en": "second visit to", "zh": "复核对象"}),
        Column("priority", {"en": "priority", "zh": "优先次序"}, "count"),
        Column("travel", {"en": "travel", "zh": "行程成本"}, "number"),
        Column("reason", {"en": "reason", "zh": "原因"}, "text", REASONS),
        Column("visits", {"en": "visits", "zh": "访问次数"}, "count"),
        Column("row", {"en": "row", "zh": "行号"}, "count"),
        Column("rule", {"en": "rule", "zh": "规则"}, "text", RULES),
        Column("other_row", {"en": "other row", "zh": "对照行号"}, "count"),
        Column("other_date", {"en": "other date", "zh": "对照日期"}),
        Column("found", {"en": "found", "zh": "实际"}, "count"),
        Column("expected", {"en": "expected", "zh": "应为"}, "count"),
        Column("change", {"en": "change", "zh": "调整"}, "text", {
            "inspectors": {"en": "more inspectors", "zh": "增加人员"}, "visits": {"en": "fewer visits", "zh": "减少访问"}}),
        Column("where", {"en": "where", "zh": "位置"}),
        Column("least", {"en": "at least", "zh": "至少"}, "count"),
        Column("enough", {"en": "enough", "zh": "足够"}, "count"),
        Column("checked", {"en": "checked", "zh": "检查数"}, "count"),
        Column("violations", {"en": "violations", "zh": "违规数"}, "count"),
    )
}  # fmt: skip
_WORDS: Mapping[str, Text] = {
    "plan": {"en": "Visits: {visits} at {stores} by {inspectors}, {first} to {last}",
             "zh": "检查访问计划：{first} 至 {last}，{inspectors}走访 {stores}，共 {visits} 次"},
    "cost": {"en": "Travel {travel} and {over:g} a visit above the even share ({above} of them) make {cost}; no plan costs less than "
                   "{bound} (gap {gap}).",
             "zh": "行程成本 {travel}，超出均摊的访问 {above} 次、每次计 {over:g}，合计 {cost}；任何方案不低于 {bound}（差距 {gap}）。"},
    "rotation": {"en": "The same inspector is back at a store only {rule} {gap} months later{area}.",
                 "zh": "同一人员再访同一门店须{rule} {gap} 个月{area}。"},
    "strict": {"en": "more than", "zh": "间隔超过"},
    "at least": {"en": "at least", "zh": "间隔至少"},
    "by area": {"en": ", and in an area by calendar months", "zh": "，再访同一区域按自然月同样计算"},
    "dropped": {"en": "{dropped} of {wanted} visits could not be placed; at least {least} can't be in any plan. They are in .dropped, "
                      "with reasons; what would help is in .shortfall.",
                "zh": "{wanted} 次访问中有 {dropped} 次无法安排；任何方案至少有 {least} 次无法安排。原因见 .dropped，改进办法见 .shortfall。"},
    "seed": {"en": "Seed {seed}.", "zh": "随机种子 {seed}。"},
    "sentence": {"en": "{inspectors} make {visits} visits to {stores} from {first} to {last}, {away} of them outside the home area",
                 "zh": "{first} 至 {last}，{inspectors}对 {stores}进行 {visits} 次访问，其中 {away} 在常驻区域以外"},
    "double": {"en": "; {n} are blind second visits", "zh": "；其中 {n} 次为互不知情的复核访问"},
    "short": {"en": "; {n} more could not be placed", "zh": "；另有 {n} 次无法安排"},
    "never": {"en": "{n} of {stores} {are} never visited", "zh": "{stores}中有 {n} 家一次也未安排"},
    "cards": {"en": "Visits of {who}{month}", "zh": "{who}的访问卡{month}"},
    "card note": {"en": "Do not tell the store or other inspectors when you come.", "zh": "请勿向门店或其他检查人员透露访问时间。"},
    "shortfall": {"en": "What would make the plan possible", "zh": "使计划可行的最小调整"},
    "no shortfall": {"en": "Every visit has its place: nothing needs to change.", "zh": "所有访问均已安排，无须调整。"},
    "either": {"en": "Either of the two changes is enough. \"At least\" holds for every plan; \"enough\" was tried.",
               "zh": "两种调整任取其一即可。“至少”适用于任何方案，“足够”已经试算。"},
    "more": {"en": "{n} more with home in {where}", "zh": "{where}增加 {n} 人"},
    "helpless": {"en": "More inspectors alone do not help, or more would be needed than were tried.",
                 "zh": "仅增加人员不能解决，或所需人数超出试算范围。"},
    "fewer": {"en": "{n} visit{s} fewer", "zh": "减少 {n} 次访问"},
    "either sentence": {"en": "The plan becomes possible with {more}, or with {fewer}.", "zh": "{more}，或{fewer}，计划即可行。"},
    "one sentence": {"en": "The plan becomes possible with {fewer}.", "zh": "{fewer}，计划即可行。"},
    "audit": {"en": "Audit of {n} visits: {violations} violation{s}", "zh": "{n} 次访问的审核：违规 {violations} 项"},
    "audit clean": {"en": "Audit of {n} visits: no violation", "zh": "{n} 次访问的审核：无违规"},
    "counts": {"en": "Violations by rule", "zh": "各规则违规数"},
    "worst": {"en": "{who} was at {store} on {first} and again on {second}; the earliest date allowed was {allowed}.",
              "zh": "{who}于 {first} 到访{store}后，又于 {second} 到访；最早可再访日期为 {allowed}。"},
}  # fmt: skip
_NAMED = 8  # stores that a note names
_NOUNS = {"inspectors": ("inspector", "名检查人员"), "stores": ("store", "家门店")}


def counted(n: int, noun: str, language: str) -> str:
    """A number with its noun.

    >>> counted(1, "stores", "en"), counted(2, "stores", "en"), counted(2, "stores", "zh")
    ('1 store', '2 stores', '2 家门店')
    """
    en, zh = _NOUNS[noun]
    return f"{n:,} {zh}" if language == "zh" else f"{n:,} {en}{'s' * (n != 1)}"


@dataclass(frozen=True, eq=False, repr=False)
class VisitCards(Result):
    """What one inspector takes along: date, time of day, store, scenario; nothing tells a second visit from a first."""

    who: str = ""
    month: str = ""

    def title(self) -> str:
        month = {"en": f", {self.month}", "zh": f"（{self.month}）"} if self.month else ""
        return say(_WORDS["cards"], self.language).format(who=self.who, month=say(month, self.language))

    def columns(self) -> tuple[Column, ...]:
        names = ("visit", "date", "weekday", "time_of_day", "store", "area", "mode", "scenario")
        return tuple(_COLUMNS[name] for name in names)

    def note(self) -> str:
        return say(_WORDS["card note"], self.language)


@dataclass(frozen=True, eq=False, repr=False)
class Shortfall(Result):
    """The smallest changes that make a plan possible: rows ``change, where, least, enough``; empty if nothing is missing.

    ``least`` holds for every plan (from the relaxed problem); ``enough`` was tried, NaN where the trials did not reach it.
    """

    def title(self) -> str:
        return say(_WORDS["shortfall"], self.language)

    def columns(self) -> tuple[Column, ...]:
        return tuple(_COLUMNS[name] for name in ("change", "where", "least", "enough"))

    def note(self) -> str:
        if self.frame.empty:
            return say(_WORDS["no shortfall"], self.language)
        return say(_WORDS["either" if self._people() is not None else "helpless"], self.language)

    def _people(self) -> pd.DataFrame | None:
        people = self.frame[self.frame["change"] == "inspectors"]
        return people if len(people) and people["enough"].notna().all() else None

    def sentence(self) -> str:
        """The changes in one sentence."""
        if self.frame.empty:
            return say(_WORDS["no shortfall"], self.language)
        visits, people = self.frame.loc[self.frame["change"] == "visits", "enough"].sum(), self._people()
        fewer = say(_WORDS["fewer"], self.language).format(n=f"{visits:,.0f}", s="s" * int(visits != 1))
        if people is None:
            return say(_WORDS["one sentence"], self.language).format(fewer=fewer)
        each = [say(_WORDS["more"], self.language).format(n=f"{n:.0f}", where=where)
                for where, n in zip(people["where"], people["enough"], strict=True)]  # fmt: skip
        more = ("、" if self.language == "zh" else " and ").join(each)
        if self.language == "en":
            more = more.replace(" more with", f" more inspector{'s' * int(people['enough'].iloc[0] != 1)} with", 1)
        return say(_WORDS["either sentence"], self.language).format(more=more, fewer=fewer)


@dataclass(frozen=True, eq=False, repr=False)
class VisitPlan(Result):
    """Who visits which store when: a row per visit, by date.

    Attributes
    ----------
    frame : ``visit, date, weekday, time_of_day, store, tier, area, inspector, agency, mode, scenario, second_of, priority,
        travel, month``; ``second_of`` is the visit that a blind second one repeats
    dropped : visits that found no place: ``store, month, priority, second, reason``
    shortfall : the smallest changes that would place them
    stores : ``store, area, visits`` (a month), ``priority, able`` (inspectors who may visit it), ``needed`` (for rotation)
    loads : ``inspector, month, visits, capacity, share`` (the even share)
    cost, travel, above, over : objective, its travel, visits above the even share, the price of one
    bound : what no plan that leaves so few visits out can cost less than
    dropped_least : visits that no plan can place
    never_visited : stores that no visit goes to
    rule : ``gap_months, strict, rotation`` of the plan
    remarks : what rules ask for and no store has; earlier visits of stores or inspectors that the plan does not have
    """

    dropped: pd.DataFrame = field(default_factory=pd.DataFrame)
    shortfall: Shortfall = field(default_factory=lambda: Shortfall(pd.DataFrame()))
    stores: pd.DataFrame = field(default_factory=pd.DataFrame)
    loads: pd.DataFrame = field(default_factory=pd.DataFrame)
    cost: float = math.nan
    travel: float = math.nan
    above: int = 0
    over: float = math.nan
    bound: float = math.nan
    dropped_least: int = 0
    rule: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    remarks: tuple[Text, ...] = ()

    @property
    def gap(self) -> float:
        """(cost − bound) / cost: how much cheaper a plan could be at most, as a share; 0 is proven best."""
        return 0.0 if self.cost <= self.bound + 1e-6 * max(1.0, self.bound) else (self.cost - self.bound) / self.cost

    @property
    def never_visited(self) -> tuple[str, ...]:
        """Stores that no visit of the plan goes to, the most important first."""
        visited = set(self.frame["store"])
        return tuple(store for store in self.stores["store"] if store not in visited) if len(self.dropped) else ()

    def _never(self) -> str:
        n = len(self.never_visited)
        return say(_WORDS["never"], self.language).format(
            n=f"{n:,}", stores=counted(len(self.stores), "stores", self.language), are="is" if n == 1 else "are"
        )

    def in_language(self, language: Language) -> Self:
        """The same plan, and what it is short of, in English or Chinese."""
        return replace(super().in_language(language), shortfall=self.shortfall.in_language(language))

    def title(self) -> str:
        return say(_WORDS["plan"], self.language).format(**self._numbers())

    def _numbers(self) -> dict[str, str]:
        frame, language = self.frame, self.language
        return {
            "visits": f"{len(frame):,}", "stores": counted(frame["store"].nunique(), "stores", language),
            "inspectors": counted(frame["inspector"].nunique(), "inspectors", language),
            "first": str(self.loads["month"].iloc[0]), "last": str(self.loads["month"].iloc[-1]),
        }  # fmt: skip

    def columns(self) -> tuple[Column, ...]:
        names = ("visit", "date", "weekday", "time_of_day", "store", "tier", "area", "inspector", "agency", "mode", "scenario",
                 "second_of")  # fmt: skip
        told = [name for name in names if name not in ("tier", "agency", "second_of") or (self.frame[name] != "").any()]
        return tuple(_COLUMNS[name] for name in told)

    def note(self) -> str:
        words = {key: say(text, self.language) for key, text in _WORDS.items()}
        rule = words["strict" if self.rule["strict"] else "at least"]
        area = words["by area"] * (self.rule["rotation"] == "area")
        parts = [
            words["rotation"].format(rule=rule, gap=self.rule["gap_months"], area=area),
            words["cost"].format(travel=f"{self.travel:,.1f}", over=self.over, above=f"{self.above:,}", cost=f"{self.cost:,.1f}",
                                 bound=f"{self.bound:,.1f}", gap=f"{100 * self.gap:.1f}%"),
        ]  # fmt: skip
        if len(self.dropped):
            wanted = len(self.frame) + len(self.dropped)
            parts.append(
                words["dropped"].format(
                    dropped=f"{len(self.dropped):,}", wanted=f"{wanted:,}", least=f"{self.dropped_least:,}"
                )
            )
        if self.never_visited:
            zh, more = self.language == "zh", len(self.never_visited) - _NAMED
            named = ("、" if zh else ", ").join(self.never_visited[:_NAMED])
            named += ("等" if zh else f" and {more} more") * (more > 0)
            parts.append(f"{self._never()}：{named}。" if zh else f"{self._never()}: {named}.")
        parts += [say(remark, self.language) for remark in self.remarks]
        return ("" if self.language == "zh" else " ").join([*parts, words["seed"].format(seed=self.seed)])

    def sentence(self) -> str:
        """The plan in one sentence."""
        zh, seconds = self.language == "zh", int((self.frame["second_of"] != "").sum())
        away = f"{100 * self.frame['away'].mean():.0f}%"
        said = say(_WORDS["sentence"], self.language).format(away=away, **self._numbers())
        for key, n in (("double", seconds), ("short", len(self.dropped))):
            said += say(_WORDS[key], self.language).format(n=f"{n:,}") if n else ""
        if self.never_visited:
            said += ("；" if zh else "; ") + self._never()
        return said + ("。" if zh else ".")

    def cards(self, inspector: str | None = None, month: str | None = None) -> VisitCards | dict[str, VisitCards]:
        """What an inspector takes along, for the whole plan or a month ("2027-03"); all inspectors' cards without a name.

        A card holds nothing that tells a blind second visit from others.
        """
        rows = self.frame if month is None else self.frame[self.frame["month"] == month]
        if month is not None and month not in set(self.loads["month"]):
            raise SpecError(
                f"month={month!r} is not in this plan. It has {self.loads['month'].iloc[0]} to {self.loads['month'].iloc[-1]}."
            )
        names = list(dict.fromkeys(self.loads["inspector"]))
        if inspector is not None and inspector not in names:
            raise SpecError(f"inspector={inspector!r} is not in this plan.")
        shown = ["visit", "date", "weekday", "time_of_day", "store", "area", "mode", "scenario"]
        cards = {name: VisitCards(rows.loc[rows["inspector"] == name, shown].reset_index(drop=True), self.language, called=self.called,
                                  who=name, month=month or "") for name in ([inspector] if inspector else names)}  # fmt: skip
        return cards[inspector] if inspector else cards

    def plot(self, ax: Axes | None = None) -> Axes:
        """Inspectors by months: visits against capacity as shade; how far they go, and the shortest return to a store."""
        from survey_design.plots.visits import draw_visits

        return draw_visits(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class RuleCounts(Result):
    """How many visits (months, inspector-months) were checked by each rule, and how many break it."""

    def title(self) -> str:
        return say(_WORDS["counts"], self.language)

    def columns(self) -> tuple[Column, ...]:
        return tuple(_COLUMNS[name] for name in ("rule", "checked", "violations"))


@dataclass(frozen=True, eq=False, repr=False)
class VisitAudit(Result):
    """Violations in a log of visits, one row each.

    Attributes
    ----------
    frame : ``rule, row, store, inspector, date, other_row, other_date, month, found, expected, allowed_from``; rows count as a
        spreadsheet does, the header is row 1
    log : the log as given, every row, with ``violations``: the rules that it breaks, "" for none
    checks : rule -> what was checked (number)
    remarks : what rules of frequency ask for and no store has
    """

    log: pd.DataFrame = field(default_factory=pd.DataFrame)
    checks: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        n = len(self.frame)
        return say(_WORDS["audit" if n else "audit clean"], self.language).format(
            n=f"{len(self.log):,}", violations=f"{n:,}", s="s" * (n != 1)
        )

    def columns(self) -> tuple[Column, ...]:
        names = ("rule", "row", "store", "inspector", "date", "other_row", "other_date", "month", "found", "expected")
        return tuple(_COLUMNS[name] for name in names)

    def note(self) -> str:
        return ("" if self.language == "zh" else " ").join(say(remark, self.language) for remark in self.remarks)

    def counts(self) -> RuleCounts:
        """Violations by rule; a rule that was not checked is not listed."""
        found = self.frame["rule"].value_counts()
        rows = [(rule, n, int(found.get(rule, 0))) for rule, n in self.checks.items()]
        return RuleCounts(pd.DataFrame(rows, columns=["rule", "checked", "violations"]), self.language)

    def sentence(self) -> str:
        """How many violations; of those who came back too early the one who came soonest."""
        early = self.frame[self.frame["rule"] == "rotation"]
        said = self.title() + ("。" if self.language == "zh" else ".")
        if early.empty:
            return said
        days = pd.to_datetime(early["date"]) - pd.to_datetime(early["other_date"])
        row = early.iloc[int(days.to_numpy().argmin())]
        worst = say(_WORDS["worst"], self.language).format(who=row["inspector"], store=row["store"], first=row["other_date"],
                                                           second=row["date"], allowed=row["allowed_from"])  # fmt: skip
        return said + ("" if self.language == "zh" else " ") + worst
