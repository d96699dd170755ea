"""Where does quality get lost, and why? The five gaps of the gap model, each with its error, and which of them explains the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.diagnosis.chain import LEVELS, SIDES, Finding, Level
from servqual.diagnosis.levels import ItemLevels
from servqual.diagnosis.sources import Rows, Sources, check_kinds, check_sources
from servqual.diagnosis.staff import StaffComparison, compare_staff
from servqual.diagnosis.waterfall import Waterfall, customer_rows, waterfall_of
from servqual.diagnosis.words import (
    EVERY,
    FINDING_REASONS,
    FINDINGS,
    NEEDS,
    QUESTIONS,
    READ,
    SHORT,
    SIDES_LACKING,
    SILENT,
)
from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS, Adjust, adjust_p, t_interval, t_pvalue
from servqual.measures import TOTALS
from servqual.remarks import kept_remark
from servqual.responses import Responses
from servqual.store_agreement import rank_agreement
from servqual.tabulation import KIND_OF, MeasureTable, Table, suited_interval, translated
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

PROVIDER: tuple[Finding, ...] = ("knowledge", "standards", "delivery", "communication", "perception")
ASSUMED: Text = {
    "en": "delivered: D = {floor} + share kept × (S − {floor}), which takes it that keeping nothing of a standard gives a service of {floor}",
    "zh": "实际提供：D = {floor} + 达标比例 ×（S − {floor}），即假定标准完全未执行时服务为 {floor} 分",
}
APART: Text = {
    "en": "sources are taken as independent of each other",
    "zh": "各来源视为相互独立",
}
SAME_STORES: Text = {
    "en": f"{APART['en']}: where inspectors and customers met the same stores, P − D is surer than shown",
    "zh": f"{APART['zh']}；检查与顾客来自同一批门店时，P − D 的实际误差小于所示",
}
BESIDE: Text = {
    "en": "communication stands beside the sum: promises work through what customers expect and how they judge",
    "zh": "宣传差距不计入合计：承诺通过顾客的期望与评判起作用",
}


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class FindingTable(MeasureTable):
    """The gaps of items, dimensions or the total, one row for each and finding.

    Frame columns: ``item``/``dimension``/``total``, ``finding``; ``first, second`` (the two levels) and ``gap``, first minus
    second, with ``se, low, high``; ``n_first, n_second`` (answers, reviewers or visits on either side), ``items`` it rests on,
    ``df, p, p_adjusted, reason``. Negative always means that quality is lost.
    """

    adjust: Adjust = "holm"

    def title(self) -> str:
        return self.headed({"en": "The five gaps", "zh": "五大差距"}, overall="{}, overall")

    def columns(self) -> tuple[Column, ...]:
        return (
            *self.labels(),
            Column("finding", {"en": "gap between", "zh": "差距类型"}, "text", FINDINGS),
            Column("first", {"en": "first", "zh": "前者"}, "number"),
            Column("second", {"en": "second", "zh": "后者"}, "number"),
            Column("gap", {"en": "gap", "zh": "差距"}, "signed"),
            *(NUMBER_COLUMNS[name] for name in ("low", "high")),
            Column("n_first", {"en": "n, first", "zh": "前者样本量"}, "count"),
            Column("n_second", {"en": "n, second", "zh": "后者样本量"}, "count"),
            *([] if self.what == "item" else [Column("items", {"en": "items", "zh": "题项数"}, "count")]),
            NUMBER_COLUMNS["p_adjusted"],
            *self.reasons(FINDING_REASONS),
        )

    @property
    def method(self) -> str:
        own = self.interval.sentence(self.language)
        if self.language == "zh":
            return f"顾客数据：{own}；不同来源的方差相加，自由度按 Satterthwaite 法"
        return f"customers: {own}; variances of sources add, Satterthwaite's degrees of freedom"

    def about(self) -> tuple[Text, ...]:
        adjusted = ADJUSTMENTS[self.adjust]
        return ({"en": f"negative: quality is lost; p adjusted over the rows of each kind of gap: {adjusted['en']}",
                 "zh": f"负值表示质量损失；p 值在每种差距的各行之间校正：{adjusted['zh']}"},)  # fmt: skip

    def finding(self, key: str, finding: Finding) -> pd.Series:
        """The numbers of one gap of a dimension, an item or the total."""
        check_choice("finding", finding, Finding)
        rows = self.frame[(self.frame[self.what] == key) & (self.frame["finding"] == finding)]
        if rows.empty:
            raise SpecError(f"there is no {finding} gap of {key!r}: it was not measured, or the row is not known.")
        return rows.iloc[0]

    def sentence(self, key: str, finding: Finding = "customer") -> str:
        """One gap in words: its size, its interval, and what it means."""
        row, zh = self.finding(key, finding), self.language == "zh"
        name, what = self.label(key), say(FINDINGS[finding], self.language)
        value = NUMBER_COLUMNS["gap"].show(row["gap"], self.language)
        why = say(FINDING_REASONS[row["reason"] or "no error"], self.language)
        if not np.isfinite(row["gap"]):
            gap = f"{say(SHORT[finding], 'en')} gap"
            return f"{name}：无法计算{what}，{why}。" if zh else self.nothing(name, gap, why)
        if not np.isfinite(row["low"]):
            return f"{name}：{what}{value} 分（{why}）。" if zh else f"{name}: {what} {value} points ({why})."
        low, high = (NUMBER_COLUMNS["low"].show(row[each], self.language) for each in ("low", "high"))
        percent, both = f"{100 * self.level:g}%", f"{int(row['n_first']):,} / {int(row['n_second']):,}"
        meant = self._meant(row, finding)
        if zh:
            return f"{name}：{what}{value} 分（{percent} 置信区间 {low} 至 {high}，样本量 {both}）：{meant}。"
        return f"{name}: {what} {value} points ({percent} CI {low} to {high}, n = {both}): {meant}."

    def _meant(self, row: pd.Series, finding: Finding) -> str:
        if row["low"] <= 0 <= row["high"]:
            return "差距不明确" if self.language == "zh" else "no clear gap"
        meant = say(READ[finding][int(row["gap"] > 0)], self.language)
        if row["p_adjusted"] >= 1 - self.level:
            meant += "（校正后不显著）" if self.language == "zh" else " (not beyond chance after correction)"
        return meant


@dataclass(frozen=True, eq=False, repr=False)
class NotMeasured(Result):
    """What was not measured, and what it would need. Frame columns: ``finding, lacks, n_items, items, needs``."""

    def title(self) -> str:
        return "尚未测量的内容" if self.language == "zh" else "What was not measured"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("finding", {"en": "gap", "zh": "差距"}, "text", FINDINGS),
            Column("lacks", {"en": "lacks", "zh": "缺少"}, "text", SIDES_LACKING),
            Column("n_items", {"en": "items", "zh": "题项数"}, "count"),
            Column("items", {"en": "which", "zh": "题项"}, "text", {"all": EVERY}),
            Column("needs", {"en": "what it would need", "zh": "所需补充"}, "text", NEEDS),
        )

    def note(self) -> str:
        if self.frame.empty:
            return (
                "五大差距在全部题项上均已测量。"
                if self.language == "zh"
                else "All five gaps were measured for all items."
            )
        return (
            "缺少某一来源的题项不进入相应差距；合计只含各来源均已测量的题项。"
            if self.language == "zh"
            else "Items that lack a side are left out of that gap; sums are over items that were measured everywhere."
        )


@dataclass(frozen=True, eq=False, repr=False)
class RankView(Result):
    """Do items with a wide provider gap have a wide customer gap? Frame columns: ``finding, rho, low, high, p, items, reason``."""

    level: float = 0.95

    def title(self) -> str:
        return (
            "各差距与顾客差距在题项间的等级相关"
            if self.language == "zh"
            else "Provider gaps against the customer gap, item by item"
        )

    def columns(self) -> tuple[Column, ...]:
        shown = (NUMBER_COLUMNS[name] for name in ("low", "high", "p"))
        return (
            Column("finding", {"en": "gap", "zh": "差距"}, "text", FINDINGS),
            Column("rho", {"en": "Spearman's rho", "zh": "Spearman 等级相关"}, "number"),
            *shown,
            Column("items", {"en": "items", "zh": "题项数"}, "count"),
            *([Column("reason", NUMBER_COLUMNS["reason"].label, "text", FINDING_REASONS)] if self.frame["reason"].any() else []),
        )  # fmt: skip

    def note(self) -> str:
        percent, k = f"{100 * self.level:g}%", int(self.frame["items"].max()) if len(self.frame) else 0
        if self.language == "zh":
            return (f"{percent} 区间（Fisher z，Bonett–Wright 标准误），以题项为单位。仅作旁证：题项最多 {k} 个，并非抽样所得；"
                    "认知差距与顾客差距同含 −E，感受差异与顾客差距同含 P，即使毫无因果也会相关。")  # fmt: skip
        return (f"{percent} intervals (Fisher's z, Bonett and Wright), items as units. A second view only: {k} items at most, which were not "
                "drawn from anywhere; knowledge and customer gap share −E, perception and customer gap share P, and so go together "
                "without any cause.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Result):
    """The five gaps of a study: tables, the waterfall, what was not measured.

    The frame is that of the dimensions and the total below each other.

    Attributes
    ----------
    dimensions, items, total : FindingTable
    waterfall : Waterfall; None where nothing was measured between expectation and perception (promises stand beside the chain),
        or no item was measured everywhere: ``sentence()`` then says so, and there is nothing to plot
    ranks : RankView, provider gaps against the customer gap across items
    not_measured : NotMeasured
    staff : StaffComparison, where staff were asked
    """

    dimensions: FindingTable = None  # type: ignore[assignment]
    items: FindingTable = None  # type: ignore[assignment]
    total: FindingTable = None  # type: ignore[assignment]
    waterfall: Waterfall | None = None
    ranks: RankView = None  # type: ignore[assignment]
    not_measured: NotMeasured = None  # type: ignore[assignment]
    staff: StaffComparison | None = None
    remarks: tuple[Text, ...] = field(default=())

    @property
    def level(self) -> float:
        """Confidence of the intervals."""
        return self.dimensions.level

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The gaps that were measured, at least in part."""
        found = set(self.items.frame["finding"])
        return tuple(name for name in get_args(Finding) if name in found)

    def title(self) -> str:
        return self.dimensions.title()

    def columns(self) -> tuple[Column, ...]:
        first, *rest = self.dimensions.columns()
        return (Column("dimension", first.label, "text", {**self.dimensions.words(), **TOTALS}), *rest)

    def note(self) -> str:
        return self.dimensions.note()

    def in_language(self, language: Language) -> Diagnosis:
        """The same numbers, shown in English or Chinese."""
        return translated(self, language)

    def to_frame(self, table: Table = "dimensions") -> pd.DataFrame:
        """The tidy table of "dimensions", "items" or "total" at full precision."""
        return self.table(table).to_frame()

    def table(self, table: Table) -> FindingTable:
        """One of the three tables."""
        check_choice("table", table, Table)
        return getattr(self, table)

    def sentence(self, key: str | None = None, finding: Finding | None = None) -> str:
        """Without arguments: where quality is lost, over all. With a dimension or an item: its waterfall, or one gap of it."""
        if finding is not None:
            tables = (self.dimensions, self.items, self.total)
            owner = next((each for each in tables if (each.frame[each.what] == key).any()), self.dimensions)
            return owner.sentence(str(key), finding)
        if self.waterfall is None:
            return self._without_waterfall()
        return self.waterfall.sentence(key or "mean")

    def _without_waterfall(self) -> str:
        zh, known = self.language == "zh", [say(FINDINGS[name], self.language) for name in self.findings]
        listed = ("、" if zh else ", ").join(known)
        if zh:
            return f"已测量：{listed}。期望与感知之间未测量其他环节，无法说明差距从何而来。"
        return f"Measured: {listed}. Nothing was measured between expectation and perception, so where quality is lost can't be told."

    def sentences(self) -> list[str]:
        """The gaps over all, each as a question and its answer, in the order of the model."""
        known, glue = set(self.total.frame["finding"]), "" if self.language == "zh" else " "
        return [
            f"{say(QUESTIONS[name], self.language)}{glue}{self.total.sentence('mean', name)}"
            for name in self.findings
            if name in known
        ]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Dimensions by gaps as a coloured table."""
        from servqual.plots.diagnosis import draw_findings

        return draw_findings(self, ax)


# --- the verb ----------------------------------------------------------------------------------------------


def diagnose(
    responses: Responses,
    *,
    managers: Responses | None = None,
    staff: Responses | None = None,
    standards: ItemLevels | None = None,
    kept: ItemLevels | None = None,
    promises: ItemLevels | None = None,
    level: float = 0.95,
    adjust: Adjust = "holm",
    floor: float | None = None,
    seed: int = 0,
) -> Diagnosis:
    """The five gaps, item by item, from whatever was measured of them; and which of them explains what customers miss.

    Parameters
    ----------
    responses : customers: expectations and perceptions, of the same people or of others
    managers : Responses to the expectation form: what customers expect, as managers believe
    staff : Responses of staff, compared by :func:`compare_staff`
    standards : ItemLevels of :func:`read_item_levels`: the service a customer meets where the standard is kept
    kept : ItemLevels of :func:`inspected_items`: which share of the standard is kept
    promises : ItemLevels of :func:`read_item_levels`: the service somebody expects who believes the advertisement
    level : confidence of the intervals
    adjust : correction of p over the rows of each kind of gap
    floor : the service, on the scale, where nothing of a standard is kept; the scale's lowest if not given
    seed : of the draws behind the chances

    Returns
    -------
    Diagnosis
        Whatever lacks a side is listed in ``not_measured``, with what it would need. ``waterfall`` is None where nothing stands between
        E and P (promises alone): ask ``sentence()``, or plot the findings.

    Raises
    ------
    SpecError
        If sources answered on different scales, have no item in common, or name items that do not exist.

    Notes
    -----
    On the items' scale, with E expected, B believed by managers, S standard, D delivered, P perceived, A promised:

    ``knowledge = B − E``, ``standards = S − B``, ``delivery = D − S``, ``communication = D − A``, ``customer = P − E``, with
    ``D = floor + kept (S − floor)``. For any data ``customer = knowledge + standards + delivery + (P − D)``; the last is called
    perception: what customers see against what inspectors count. Negative always means that quality is lost.

    A dimension's gap rests on its items that have both sides; the waterfall on items measured everywhere. E is the mean of those
    who count for the customer gap, which equals :func:`servqual.gaps.score_gaps`. Variances of independent sources add; E and P of
    the same people, S within D, and items that share an indicator keep their covariance. The variance of D follows by the delta
    method. Shares have Fieller's interval. The chance that a step is the largest loss draws each source's error as t with that source's
    degrees of freedom (four reviewers: three); it takes the model as true and is not shrunken.

    How to read it: a wide step says where to look, not why. Managers, reviewers and inspectors use the same scale in words only;
    the floor behind D moves points between delivery and perception, never their sum; the waterfall says at which floor the answer would change. If S − B and D − S are both wide, a
    higher standard that nobody keeps mends nothing.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1985), Journal of Marketing 49(4), 41-50, doi:10.1177/002224298504900403. Zeithaml, Berry and
    Parasuraman (1988), Journal of Marketing 52(2), 35-48, doi:10.1177/002224298805200203. Checked against ``score_gaps``, scipy's
    Welch test, R's ``survey`` and simulation (tests/test_diagnosis.py).

    Examples
    --------
    >>> from servqual import Responses, load_instrument
    >>> scale = load_instrument("servqual-22")
    >>> asked, rated = scale.columns("expectation").values(), scale.columns("perception").values()
    >>> customers = pd.DataFrame({**{c: [6, 7, 6, 5] for c in asked}, **{c: [4, 5, 3, 5] for c in rated}})
    >>> believed = pd.DataFrame({c: [6, 5, 6] for c in asked})
    >>> standard = ItemLevels.given({item.id: 5.0 for item in scale.items})
    >>> found = diagnose(Responses(customers, scale), managers=Responses(believed, scale), standards=standard)
    >>> rows = found.waterfall.rows("mean").set_index("step")["gap"]
    >>> [step for step in rows.index], round(float(rows.iloc[:-1].sum() - rows["customer"]), 12)
    (['knowledge', 'standards', 'delivery+perception', 'customer'], 0.0)
    """
    check_between("level", level, 0, 1)
    check_choice("adjust", adjust, Adjust)
    check_kinds(responses=responses, managers=managers, staff=staff, standards=standards, kept=kept, promises=promises)
    sources = Sources(responses, managers, standards, kept, promises, level, adjust, floor)
    check_sources(sources)
    frames: list[pd.DataFrame] = []
    for finding, sides in SIDES.items():
        items = sources.with_levels(sides)
        if items:
            frames.append(_lines(sources.rows(items), finding, level, adjust))
    lines = pd.concat(frames, ignore_index=True) if frames else _lines_of_nothing()
    remarks = _remarks(sources, lines)
    tables = _tables(sources, lines, remarks)
    return Diagnosis(
        pd.concat([tables["dimensions"].frame, tables["total"].frame.rename(columns={"total": "dimension"})], ignore_index=True),
        responses.language, **tables, waterfall=waterfall_of(sources, remarks, seed=seed), ranks=_ranks(sources, lines, level),
        not_measured=_not_measured(sources), staff=None if staff is None else compare_staff(responses, staff, level=level, adjust=adjust),
        remarks=remarks,
    )  # fmt: skip


def _lines(rows: Rows, finding: Finding, level: float, adjust: Adjust) -> pd.DataFrame:
    """One gap of all rows."""
    sides = SIDES[finding]
    found = rows.levels.differences([sides])
    value, se, df = found.value[:, 0], found.se[:, 0], found.df[:, 0]
    at = [LEVELS.index(side) for side in sides]
    n = [found.n_first[:, 0].astype(int), found.n_second[:, 0].astype(int)]
    reason = np.where(np.isfinite(se), np.where(se == 0, "no variation", ""), "no error").astype(object)
    behind = {*sides, "standard"} if "delivered" in sides else set(sides)
    alone = np.isnan(se) & (rows.levels.n[:, [LEVELS.index(side) for side in behind]] == 1).any(axis=1)
    reason[alone] = "one reviewer" if {"standard", "promised"} & behind else "one answer"
    silent = rows.levels.silent([sides])[:, 0]
    reason[silent != ""] = "no " + silent[silent != ""]
    frame = pd.DataFrame({
        "what": [each.what for each in rows.measures], "id": [each.id for each in rows.measures], "finding": finding,
        "first": rows.levels.value[:, at[0]], "second": rows.levels.value[:, at[1]], "gap": value, "se": se,
        "n_first": n[0], "n_second": n[1],
        "items": [sum(1 for weight in each.weights if weight) for each in rows.measures], "df": df, "reason": reason,
    })  # fmt: skip
    if finding == "customer" and rows.gaps is not None:
        scored = customer_rows(rows)
        for name in ("gap", "se", "df", "reason"):
            frame[name] = scored[name].to_numpy()
    value, se, df = (frame[name].to_numpy(float) for name in ("gap", "se", "df"))
    frame["low"], frame["high"] = t_interval(value, se, df, level)
    frame["p"] = t_pvalue(value, se, df)
    frame["p_adjusted"] = np.concatenate(
        [adjust_p(p.to_numpy(), adjust) for _, p in frame.groupby("what", sort=False)["p"]]
    )
    return frame


def _lines_of_nothing() -> pd.DataFrame:
    raise SpecError("no gap can be computed: give at least two of expectations, perceptions, managers, standards, inspection, promises "
                    "that have items in common.")  # fmt: skip


_ORDER = (
    "finding",
    "first",
    "second",
    "gap",
    "se",
    "low",
    "high",
    "n_first",
    "n_second",
    "items",
    "df",
    "p",
    "p_adjusted",
    "reason",
)


def _tables(sources: Sources, lines: pd.DataFrame, remarks: tuple[Text, ...]) -> dict[str, Any]:
    order = {name: k for k, name in enumerate([*sources.instrument.words(), "mean"])}
    findings = {name: k for k, name in enumerate(get_args(Finding))}
    chosen: dict[str, Any] = {}
    for name, what in KIND_OF.items():
        rows = lines[lines["what"] == what]
        rows = rows.assign(_row=rows["id"].map(order), _finding=rows["finding"].map(findings)).sort_values(
            ["_row", "_finding"]
        )
        frame = rows.rename(columns={"id": what} if what != "item" else {"id": "item"})[[what, *_ORDER]].reset_index(
            drop=True
        )
        chosen[name] = FindingTable(
            frame, sources.responses.language, instrument=sources.instrument, what=what, level=sources.level, adjust=sources.adjust,
            interval=suited_interval(sources.responses, None), remarks=remarks,
            cautious=any(side.design.selection != "probability" for side in sources.responses.sides),
        )  # fmt: skip
    return chosen


def _remarks(sources: Sources, lines: pd.DataFrame) -> tuple[Text, ...]:
    """The bases of all sources, and what is taken for granted."""
    gaps = next((rows.gaps for rows in sources.known.values() if rows.gaps is not None), None)
    customers: tuple[Text, ...] = () if gaps is None else gaps.dimensions.remarks[1:2]
    said = [_named({"en": "customers", "zh": "顾客"}, kept_remark(*sources.responses.sides)), *customers]
    if sources.managers is not None:
        said.append(_named({"en": "managers", "zh": "管理者"}, kept_remark(sources.managers)))
        said += _silent(sources, lines)
    given = (
        ("standards", "标准", sources.standards),
        ("inspection", "检查", sources.kept),
        ("promises", "承诺", sources.promises),
    )
    said += [
        _named({"en": en, "zh": zh}, levels.remarks[0])
        for en, zh, levels in given
        if levels is not None and levels.remarks
    ]
    floor = f"{sources.lowest:g}"
    said += [{key: text.format(floor=floor) for key, text in ASSUMED.items()}] if sources.measured["delivered"] else []
    said += [BESIDE] if sources.measured["promised"] and sources.measured["delivered"] else []
    return (*said, SAME_STORES if sources.measured["delivered"] else APART)


def _silent(sources: Sources, lines: pd.DataFrame) -> list[Text]:
    """The items that no manager answered although they were asked; empty where there is none."""
    empty = set(lines.loc[(lines["what"] == "item") & (lines["reason"] == "no believed"), "id"])
    named = [item.label for item in sources.instrument.items if item.id in empty]
    if not named:
        return []
    listed = {key: glue.join(say(label, key) for label in named) for key, glue in (("en", ", "), ("zh", "、"))}
    return [{key: text.format(items=listed[key]) for key, text in SILENT.items()}]


def _named(name: Text, words: Text) -> Text:
    return {"en": f"{name['en']}: {words['en']}", "zh": f"{name['zh']}：{words['zh']}"}


def _ranks(sources: Sources, lines: pd.DataFrame, level: float) -> RankView:
    """Spearman's rho of every provider gap with the customer gap, over the items that have both."""
    wide = lines[lines["what"] == "item"].pivot(index="id", columns="finding", values="gap")
    found = []
    for finding in PROVIDER:
        if finding not in wide or "customer" not in wide:
            continue
        both = wide[[finding, "customer"]].dropna().to_numpy(float)
        rho, low, high, p = (np.nan,) * 4
        reason = "few items" if len(both) < 4 else ""
        if not reason:
            rho, low, high, p = rank_agreement(both[:, 0], both[:, 1], level=level)["spearman"]
            reason = "no spread" if np.isnan(rho) else ""
        found.append(
            {"finding": finding, "rho": rho, "low": low, "high": high, "p": p, "items": len(both), "reason": reason}
        )
    columns = ["finding", "rho", "low", "high", "p", "items", "reason"]
    return RankView(
        pd.DataFrame(found, columns=columns).astype({"items": int}), sources.responses.language, level=level
    )


# --- what is lacking ---------------------------------------------------------------------------------------


def _not_measured(sources: Sources) -> NotMeasured:
    """For every gap the items that lack a side, and what they would need."""
    every = sources.items
    lines: list[dict[str, Any]] = []
    for finding in ("knowledge", "standards", "delivery", "communication", "customer"):
        for level in SIDES[finding]:
            for lacks, items in _lacking(sources, level).items():
                lost = [item for item in every if item in items]
                if lost and not any(line["finding"] == finding and line["lacks"] == lacks for line in lines):
                    lines.append({"finding": finding, "lacks": lacks, "n_items": len(lost),
                                  "items": "all" if len(lost) == len(every) else ", ".join(lost),
                                  "needs": _need(sources, lacks)})  # fmt: skip
    return NotMeasured(
        pd.DataFrame(lines, columns=["finding", "lacks", "n_items", "items", "needs"]), sources.responses.language
    )


def _lacking(sources: Sources, level: Level) -> Mapping[str, set[str]]:
    """What a level lacks, by the source that would bring it."""
    every = set(sources.items)
    if level != "delivered":
        return {level: every - sources.measured[level]}
    kept = set() if sources.kept is None else set(sources.kept.items)
    return {"standard": every - sources.measured["standard"], "inspected": every - kept}


def _need(sources: Sources, lacks: str) -> str:
    given = {"standard": sources.standards, "inspected": sources.kept, "promised": sources.promises}.get(lacks)
    return lacks if given is None else f"{lacks} none"
