"""What stands behind the scores: which items were met, which vetoes struck, what did not apply, which scenarios were played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS
from servqual.mystery.points import violated
from servqual.mystery.scores import PARTS, SCORE_COLUMNS, TOTAL, VISIT_REASONS, VisitScores, method_of_visits
from servqual.mystery.visits import SCENARIOS, Visits
from servqual.tabulation import Estimates
from survey_design.errors import SpecError, check_columns
from survey_design.results import Column, Result, Text, say

Array = NDArray[Any]
ITEM: Text = {"en": "item", "zh": "检查项"}
_ABOUT = ("visit", "store", "date", "inspector")


# --- compliance --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Compliance(Estimates):
    """How often each item was met. Frame columns: the split columns; ``id, indicator, veto, type``; ``n`` visits in
    which it was judged, ``n_na, n_missing``; ``met`` (visits that met it in full), ``share`` (mean share of the points: for
    yes and no the share of visits) with ``se, low, high, df, deff``; ``reason``."""

    scores: VisitScores = None  # type: ignore[assignment]

    def title(self) -> str:
        return self.titled({"en": "Compliance by item", "zh": "各检查项达标率"})

    def columns(self) -> tuple[Column, ...]:
        bounds = (replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high"))
        yes: dict[Any, Text] = {True: {"en": "veto", "zh": "否决"}, False: {"en": "", "zh": ""}}
        return (
            *self.by_columns,
            Column("id", ITEM, "text", self.scores.checklist.words()),
            Column("veto", {"en": "veto", "zh": "一票否决"}, "text", yes),
            *(SCORE_COLUMNS[name] for name in ("n", "n_na")),
            Column("met", {"en": "met in full", "zh": "完全达标"}, "count"),
            Column("share", {"en": "share", "zh": "达标率"}, "share"),
            *bounds,
            *self.reasons(VISIT_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        return ({"en": "yes/no items: Wilson score interval; others: mean share of the points, t interval",
                 "zh": "是/否项用 Wilson 得分区间；其他项为得分占满分的平均比例，用 t 区间"},)  # fmt: skip

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return method_of_visits(self.interval, self.language)

    def sentence(self, item: str | None = None, **group: Any) -> str:
        """One item in words; without a name the one that was met least."""
        if item is None:
            item = self._least_met(group)
        row, zh = self.find("id", item, group, "Items"), self.language == "zh"
        place = self.beside(say(self.scores.checklist.item(item).label, self.language), row)
        if not np.isfinite(row["share"]):
            return self.nothing(place, "share", say(VISIT_REASONS[row["reason"]], self.language))
        share, low, high = (f"{100 * row[name]:.0f}%" for name in ("share", "low", "high"))
        n, level = int(row["n"]), f"{100 * self.level:g}%"
        if not np.isfinite(row["low"]):
            why = say(VISIT_REASONS[row["reason"]], self.language)
            return f"{place}：{share}（{why}，{n:,} 次访问）。" if zh else f"{place}: {share} ({why}, n = {n:,})."
        if zh:
            return f"{place}：{share}（{level} 置信区间 {low} 至 {high}，{n:,} 次访问）。"
        return f"{place}: {share} ({level} CI {low} to {high}, n = {n:,})."

    def _least_met(self, group: Mapping[str, Any]) -> str:
        rows = pd.concat([self.find_all("id", name, group, "Items") for name in self.frame["id"].unique()])
        if rows["share"].isna().all():
            raise SpecError("no item was judged in these visits: there is no share to tell of.")
        return str(rows.sort_values("share", kind="stable")["id"].iloc[0])


def compliance(scores: VisitScores, *, worst_first: bool = False) -> Compliance:
    """The share of visits that met each item, with its interval.

    Parameters
    ----------
    scores : VisitScores
    worst_first : sorted by share; else in the order of the checklist

    Notes
    -----
    The numbers are those of the item rows of ``scores``, as shares of 1. With ``interval=Student()`` the interval of a yes/no
    item is Wilson's from the counts; by default visits of one store count as alike as they are, for a smaller effective n.
    """
    items = scores.frame[scores.frame["part"] == "item"].reset_index(drop=True)
    known = {item.id: item for item in scores.checklist.items}
    met = _met(scores)
    share = items[["score", "se", "low", "high"]].to_numpy(float) / 100
    frame = pd.DataFrame({
        **{name: items[name] for name in (*scores.by, "id")},
        "indicator": [known[name].indicator for name in items["id"]],
        "veto": [known[name].veto for name in items["id"]],
        "type": [known[name].type for name in items["id"]],
        **{name: items[name] for name in ("n", "n_na", "n_missing")},
        "met": met,
        **dict(zip(("share", "se", "low", "high"), share.T, strict=True)),
        **{name: items[name] for name in ("df", "deff", "reason")},
    })  # fmt: skip
    if worst_first:
        frame = frame.sort_values("share", kind="stable").reset_index(drop=True)
    return Compliance(
        frame, scores.language, by=scores.by, by_columns=scores.by_columns, level=scores.level, interval=scores.interval,
        remarks=scores.remarks, scores=scores,
    )  # fmt: skip


def _met(scores: VisitScores) -> Array:
    """Visits that met each item in full, in the order of the rows."""
    full = scores.visits.answers.values == scores.visits.answers.unit
    if not scores.by:
        return np.asarray(full.sum(axis=0))
    rows = [scores.visits.frame[name].astype(str) for name in scores.by]
    table = pd.DataFrame(full).groupby(rows, sort=False, dropna=False).sum()
    labels = scores.frame.loc[scores.frame["part"] == "item", list(scores.by)].drop_duplicates().astype(str)
    keys = [tuple(label) if len(scores.by) > 1 else label[0] for label in labels.to_numpy().tolist()]
    return np.asarray(table.reindex(keys, fill_value=0).to_numpy().ravel())


# --- vetoes ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class VetoLog(Result):
    """Every violation that struck: ``visit, store`` (and date, inspector), ``item, indicator, kind``
    ("veto" or "cap"), ``before`` and ``after`` (the indicator's score), ``total_before, total_after`` (the visit's).

    A visit with several violations has several rows and the same totals in each.

    Attributes
    ----------
    n : visits scored
    lost : points that vetoes and caps took from the total, on average over all visits
    """

    n: int = 0
    lost: float = 0.0
    words: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return "否决记录" if self.language == "zh" else "Veto log"

    def columns(self) -> tuple[Column, ...]:
        kinds: dict[Any, Text] = {"veto": {"en": "veto", "zh": "否决"}, "cap": {"en": "cap", "zh": "封顶"}}
        named = {"visit": ("visit", "访问"), "store": ("store", "门店"), "date": ("date", "日期"),
                 "inspector": ("inspector", "检查员")}  # fmt: skip
        return (
            *(Column(name, dict(zip(("en", "zh"), words, strict=True))) for name, words in named.items()),
            Column("item", ITEM, "text", self.words),
            Column("kind", {"en": "rule", "zh": "规则"}, "text", kinds),
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", self.words),
            Column("before", {"en": "indicator before", "zh": "指标原分"}, "number", decimals=1),
            Column("after", {"en": "after", "zh": "处理后"}, "number", decimals=1),
            Column("total_before", {"en": "total before", "zh": "总分原分"}, "number", decimals=1),
            Column("total_after", {"en": "after", "zh": "处理后"}, "number", decimals=1),
        )

    def note(self) -> str:
        return self.sentence()

    def sentence(self) -> str:
        """How many violations, in how many visits, and what they took."""
        k, visits = len(self.frame), self.frame["visit"].nunique()
        lost = f"{self.lost:.1f}"
        if self.language == "zh":
            return f"{self.n:,} 次访问中有 {visits:,} 次共 {k:,} 处违规；平均扣去总分 {lost} 分。"
        found = f"{k:,} violation{'s' * (k != 1)} in {visits:,} of {self.n:,} visits"
        return f"{found}; they took {lost} points from the total on average."


def veto_log(scores: VisitScores) -> VetoLog:
    """Which violations were found, where, and what they took. A veto item that was not applicable violates nothing."""
    visits, plan, points = scores.visits, scores.plan, scores.points
    capped = np.isfinite(plan.caps).any(axis=1) & ~plan.veto
    hit = violated(plan, visits.answers) | ((visits.answers.values == 0) & capped)
    row, item = np.nonzero(hit)
    items = visits.checklist.items
    indicator = plan.indicator[item]
    about = [name for name in _ABOUT if name in visits.frame]
    frame = visits.frame[about].iloc[row].reset_index(drop=True)
    if "date" in frame:
        frame["date"] = frame["date"].dt.strftime("%Y-%m-%d")
    frame = frame.assign(
        item=[items[j].id for j in item],
        indicator=[items[j].indicator for j in item],
        kind=np.where(plan.veto[item], "veto", "cap"),
        before=points.raw.indicator[row, indicator],
        after=points.final.indicator[row, indicator],
        total_before=points.raw.total[row, 0],
        total_after=points.final.total[row, 0],
    )
    lost = points.raw.total[:, 0] - points.final.total[:, 0]
    mean = float(np.nanmean(lost)) if np.isfinite(lost).any() else 0.0
    return VetoLog(frame, scores.language, n=visits.n, lost=mean, words=visits.checklist.words())


# --- coverage ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Coverage(Result):
    """How much of the weight was applicable and answered: ``part, id, weight, coverage`` (mean over visits), ``least``
    (of a visit), ``n`` (visits with a score), ``without`` (visits without one)."""

    n: int = 0
    words: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return "权重覆盖率" if self.language == "zh" else "Coverage of the weight"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("part", SCORE_COLUMNS["part"].label, "text", PARTS),
            Column("id", SCORE_COLUMNS["label"].label, "text", self.words),
            Column("weight", {"en": "weight", "zh": "权重"}, "number", decimals=3),
            SCORE_COLUMNS["coverage"],
            Column("least", {"en": "least of a visit", "zh": "单次最低"}, "share"),
            SCORE_COLUMNS["n"],
            Column("without", {"en": "visits without a score", "zh": "无得分访问数"}, "count"),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "覆盖率为适用且已作答的检查项所占权重，取各次访问均值；其余权重按规则分摊给适用的指标。"
        return (
            "Coverage: share of the weight whose items were applicable and answered, mean over visits; the rest of the "
            "weight is shared out over what was."
        )


def coverage(scores: VisitScores) -> Coverage:
    """How much weight was lost to what was not applicable or not answered, by category and indicator."""
    plan, points, checklist = scores.plan, scores.points, scores.checklist
    category = plan.weight @ plan.of_category
    names = [("total", "total"), *(("category", each.id) for each in checklist.categories),
             *(("indicator", each.id) for each in checklist.indicators)]  # fmt: skip
    covered = np.column_stack([points.coverage.total[:, 0], points.coverage.category, points.coverage.indicator])
    scored = np.column_stack([points.raw.total[:, 0], points.raw.category, points.raw.indicator])
    there = np.isfinite(scored).sum(axis=0)
    frame = pd.DataFrame({
        "part": [part for part, _ in names],
        "id": [name for _, name in names],
        "weight": [1.0, *category, *plan.weight],
        "coverage": covered.mean(axis=0),
        "least": covered.min(axis=0),
        "n": there,
        "without": len(scored) - there,
    })  # fmt: skip
    return Coverage(frame, scores.language, n=len(scored), words={**checklist.words(), "total": TOTAL})


# --- scenarios ---------------------------------------------------------------------------------------------

ALERTS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "enquiries": {"en": "enquiries outnumber sales checks", "zh": "咨询检查多于销售检查"},
    "nothing stated": {"en": "no scenario stated", "zh": "未注明情景"},
}


@dataclass(frozen=True, eq=False, repr=False)
class ScenarioBalance(Result):
    """How many visits only enquired and how many checked a sale: the group, ``n, enquiry, followed_purchase, real_purchase,
    not_stated, sales`` (followed and real purchases), ``alert``. The first row has all visits."""

    by: str | None = None
    by_columns: tuple[Column, ...] = ()

    def title(self) -> str:
        return "情景构成" if self.language == "zh" else "Balance of scenarios"

    def columns(self) -> tuple[Column, ...]:
        counts = (*SCENARIOS, "not_stated")
        words = {**SCENARIOS, "not_stated": {"en": "not stated", "zh": "未注明"}}
        return (
            *self.by_columns,
            SCORE_COLUMNS["n"],
            *(Column(name, words[name], "count") for name in counts),
            Column("sales", {"en": "sales checks", "zh": "销售检查"}, "count"),
            Column("alert", {"en": "alert", "zh": "提醒"}, "text", ALERTS),
        )

    @property
    def alerts(self) -> pd.DataFrame:
        """The rows in which enquiries outnumber sales checks."""
        return self.frame[self.frame["alert"] == "enquiries"]

    def note(self) -> str:
        if self.language == "zh":
            return "销售检查 = 跟随购买 + 实际购买。咨询多于销售检查时提醒：只咨询不购买，难以检查销售能力。"
        return (
            "Sales checks: followed and real purchases. Alert where enquiries outnumber them: who only asks sees little of "
            "how a store sells."
        )

    def sentence(self) -> str:
        """The balance of all visits in words."""
        row, zh = self.frame.iloc[0], self.language == "zh"
        enquiry, sales = int(row["enquiry"]), int(row["sales"])
        if row["alert"] == "nothing stated":
            return "各次访问均未注明情景。" if zh else "No visit states its scenario."
        if zh:
            verdict = "咨询检查多于销售检查" if row["alert"] else "咨询检查不多于销售检查"
            return f"{verdict}：咨询 {enquiry:,} 次，销售检查 {sales:,} 次。"
        verdict = "outnumber" if row["alert"] else "do not outnumber"
        return f"Enquiries {verdict} sales checks: {enquiry:,} against {sales:,}."


def scenario_balance(visits: Visits, *, by: str | None = None) -> ScenarioBalance:
    """Whether enquiries outnumber sales checks, in all and per store or tier.

    Parameters
    ----------
    visits : Visits with a column ``scenario``
    by : column; a row for each of its values after that of all visits

    Notes
    -----
    Followed and real purchases together should be at least as many as enquiries; equal numbers raise no alert. Visits that
    state no scenario are counted and weigh on neither side.
    """
    check_columns(["scenario", *([by] if by else [])], visits.frame.columns, "the table of visits")
    if by in {*SCENARIOS, "n", "not_stated", "sales", "alert"}:
        raise SpecError(f"by={by!r}: the table has a column of that name. Rename it in the data.")
    frame = visits.frame
    rows = [_counted(frame["scenario"])]
    rows[0] |= {by: None} if by else {}
    if by:
        rows += [{by: value, **_counted(part["scenario"])} for value, part in frame.groupby(by, sort=False)]
    table = pd.DataFrame(rows)
    order = [*([by] if by else []), "n", *SCENARIOS, "not_stated", "sales", "alert"]
    column: tuple[Column, ...] = ()
    if by:
        own = visits.column_of(by)
        column = (replace(own, words={**own.words, ALL: ALL_WORDS}),)
        table[by] = [ALL, *table[by].iloc[1:]]
    return ScenarioBalance(table[order], visits.language, by=by, by_columns=column)


ALL = "(all)"
ALL_WORDS: Text = {"en": "all visits", "zh": "全部访问"}


def _counted(scenario: pd.Series) -> dict[str, Any]:
    counts = {name: int((scenario == name).sum()) for name in SCENARIOS}
    stated = sum(counts.values())
    sales = counts["followed_purchase"] + counts["real_purchase"]
    alert = "enquiries" if counts["enquiry"] > sales else "" if stated else "nothing stated"
    return {"n": len(scenario), **counts, "not_stated": len(scenario) - stated, "sales": sales, "alert": alert}
