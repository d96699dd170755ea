"""Do staff know what customers want, and do they see the service that customers see?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from servqual.diagnosis.sources import check_kinds
from servqual.gaps import GapScores, score_gaps
from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS, REASONS, Adjust
from servqual.instruments import Form
from servqual.measures import TOTALS
from servqual.remarks import kept_remark
from servqual.responses import Responses, match_items
from servqual.tabulation import KIND_OF, MeasureTable, Table, split_columns, translated
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Compared = Literal["expectation", "perception"]

COMPARED: Mapping[str, Text] = {
    "expectation": {"en": "what customers expect", "zh": "顾客期望"},
    "perception": {"en": "the service given", "zh": "所提供的服务"},
}
_SHORT: Mapping[Compared, Text] = {
    "expectation": {"en": "expectation", "zh": "期望"},
    "perception": {"en": "service", "zh": "服务"},
}
_READ: Mapping[Compared, tuple[Text, Text]] = {
    "expectation": ({"en": "staff think customers expect less than they do", "zh": "员工低估了顾客期望"},
                    {"en": "staff think customers expect more than they do", "zh": "员工高估了顾客期望"}),
    "perception": ({"en": "staff see a worse service than customers do", "zh": "员工对服务的评价低于顾客"},
                   {"en": "staff see a better service than customers do", "zh": "员工对服务的评价高于顾客"}),
}  # fmt: skip
_COLUMNS = (
    "staff",
    "customers",
    "difference",
    "se",
    "low",
    "high",
    "n_staff",
    "n_customers",
    "df",
    "p",
    "p_adjusted",
    "reason",
)


@dataclass(frozen=True, eq=False, repr=False)
class StaffTable(MeasureTable):
    """Staff beside customers, one row for each item, dimension or total, and for each thing that both were asked.

    Frame columns: the split columns, ``item``/``dimension``/``total``, ``compared`` ("expectation": what customers expect;
    "perception": the service given); ``staff, customers`` (means) and ``difference``, staff minus customers, with ``se, low,
    high, n_staff, n_customers, df, p, p_adjusted, reason``.
    """

    adjust: Adjust = "holm"

    def title(self) -> str:
        return self.headed({"en": "Staff against customers", "zh": "员工–顾客差异"})

    def columns(self) -> tuple[Column, ...]:
        return (
            *self.labels(),
            Column("compared", {"en": "asked", "zh": "比较内容"}, "text", COMPARED),
            Column("staff", {"en": "staff", "zh": "员工"}, "number"),
            Column("customers", {"en": "customers", "zh": "顾客"}, "number"),
            Column("difference", {"en": "staff − customers", "zh": "员工 − 顾客"}, "signed"),
            *(NUMBER_COLUMNS[name] for name in ("low", "high")),
            Column("n_staff", {"en": "n, staff", "zh": "员工样本量"}, "count"),
            Column("n_customers", {"en": "n, customers", "zh": "顾客样本量"}, "count"),
            NUMBER_COLUMNS["p_adjusted"],
            *self.mixed_reasons(),
        )

    def about(self) -> tuple[Text, ...]:
        adjusted = ADJUSTMENTS[self.adjust]
        return ({"en": f"p adjusted over all rows of each comparison: {adjusted['en']}", "zh": f"p 值校正：{adjusted['zh']}（每种比较的各行之间）"},
                {"en": "staff may answer as they think they should: a difference of 0 is no proof of knowledge",
                 "zh": "员工可能按“应有的答案”作答：差异为零并不证明了解顾客"})  # fmt: skip

    def sentence(self, key: str, compared: Compared = "expectation", **group: Any) -> str:
        """One comparison in words."""
        check_choice("compared", compared, Compared)
        rows = self.find_all(self.what, key, group)
        rows = rows[rows["compared"] == compared]
        if rows.empty:
            raise SpecError(f"staff and customers were not both asked for {say(COMPARED[compared], 'en')}.")
        row, zh = rows.iloc[0], self.language == "zh"
        value, low, high = (NUMBER_COLUMNS[kind].show(row[name], self.language)
                            for kind, name in (("gap", "difference"), ("low", "low"), ("high", "high")))  # fmt: skip
        place, what = self.place(row), say(_SHORT[compared], self.language)
        if pd.isna(row["low"]):
            return self.nothing(
                f"{place}（{what}）" if zh else f"{place} ({what})",
                "interval",
                say(REASONS[row["reason"]], self.language),
            )
        meant = say(_READ[compared][int(row["difference"] > 0)], self.language)
        if row["low"] <= 0 <= row["high"]:
            meant = "差异不明确" if zh else "no clear difference"
        percent, both = f"{100 * self.level:g}%", f"{int(row['n_staff']):,} / {int(row['n_customers']):,}"
        if zh:
            return f"{place}（{what}）：员工 − 顾客 {value} 分（{percent} 置信区间 {low} 至 {high}，样本量 {both}）：{meant}。"
        return (
            f"{place} ({what}): staff − customers {value} points ({percent} CI {low} to {high}, n = {both}): {meant}."
        )


@dataclass(frozen=True, eq=False, repr=False)
class StaffComparison(Result):
    """Staff against customers: dimensions and the total below each other, with all three tables beside.

    Attributes
    ----------
    dimensions, items, total : StaffTable
    scores : what was compared -> the GapScores behind it, in which staff stand as one form and customers as the other
    """

    dimensions: StaffTable = None  # type: ignore[assignment]
    items: StaffTable = None  # type: ignore[assignment]
    total: StaffTable = None  # type: ignore[assignment]
    scores: Mapping[Compared, GapScores] = None  # type: ignore[assignment]

    def title(self) -> str:
        return self.dimensions.title()

    def columns(self) -> tuple[Column, ...]:
        words = {**self.dimensions.words(), **TOTALS}
        return tuple(
            replace(each, words=words) if each.name == "dimension" else each for each in self.dimensions.columns()
        )

    def note(self) -> str:
        return self.dimensions.note()

    def in_language(self, language: Language) -> StaffComparison:
        """The same numbers, shown in English or Chinese."""
        return translated(self, language)

    def table(self, table: Table) -> StaffTable:
        """One of the three tables."""
        check_choice("table", table, Table)
        return getattr(self, table)

    def to_frame(self, table: Table = "dimensions") -> pd.DataFrame:
        """The tidy table of "dimensions", "items" or "total" at full precision."""
        return self.table(table).to_frame()

    def sentence(self, key: str = "mean", compared: Compared = "expectation", **group: Any) -> str:
        """One comparison of a dimension, an item or the total ("mean") in words."""
        tables = (self.dimensions, self.items, self.total)
        owner = next((each for each in tables if (each.frame[each.what] == key).any()), self.dimensions)
        return owner.sentence(key, compared, **group)

    def plot(self, ax: Axes | None = None, table: Table = "dimensions") -> Axes:
        """Differences with their intervals, both comparisons side by side."""
        from servqual.plots.diagnosis import draw_staff

        return draw_staff(self.table(table), ax)


def compare_staff(
    responses: Responses,
    staff: Responses,
    *,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    adjust: Adjust = "holm",
) -> StaffComparison:
    """Staff against customers: what staff believe customers expect, and the service as staff see it.

    Parameters
    ----------
    responses : customers
    staff : Responses of staff to the same items: the expectation form asks what customers expect, the perception form how the
        service is that their store gives
    by : column or columns to split by (store, tier); where customers' file lacks it, their value serves every row
    level : confidence of the intervals
    adjust : correction of p over the rows of each comparison

    Returns
    -------
    StaffComparison
        Whatever only one side was asked is left out.

    Raises
    ------
    SpecError
        If nothing was asked of both, if they have no item in common, answered on different scales, or the staff do not say which
        store they belong to although customers were sampled by store.

    Notes
    -----
    ``difference = staff − customers``, with the errors of two samples as :func:`servqual.gaps.score_gaps` has them: where both
    were drawn in the same clusters by the same design (stores), what the store gives to both is counted once; else the samples are
    independent. Negative expectation: staff underrate what customers want. Positive perception: staff think better of the service
    than those who get it.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1985), Journal of Marketing 49(4), 41-50, doi:10.1177/002224298504900403. Checked against
    scipy's Welch test and R's ``survey`` (tests/test_diagnosis.py).

    Examples
    --------
    >>> from servqual import Responses, load_instrument
    >>> scale = load_instrument("servqual-22")
    >>> asked = scale.columns("expectation").values()
    >>> customers = Responses(pd.DataFrame({column: [7, 6, 7, 6] for column in asked}), scale)
    >>> staff = Responses(pd.DataFrame({column: [5, 6, 5] for column in asked}), scale)
    >>> compare_staff(customers, staff).sentence("empathy")
    'Empathy (expectation): staff − customers −1.17 points (95% CI −2.34 to 0.01, n = 3 / 4): no clear difference.'
    """
    check_between("level", level, 0, 1)
    check_choice("adjust", adjust, Adjust)
    _check(responses, staff)
    scores: dict[Compared, GapScores] = {}
    for compared in get_args(Compared):
        theirs = next((side for side in responses.sides if compared in side.forms), None)
        if theirs is not None and compared in staff.forms:
            both = _as_form(staff, compared, "perception").joined_with(_as_form(theirs, compared, "expectation"))
            scores[compared] = score_gaps(both, by=split_columns(by) or None, level=level, adjust=adjust)
    if not scores:
        raise SpecError(f"{staff.source.name} and {responses.source.name} have no form in common: ask staff what customers expect (E_…), "
                        "or how the service is (P_…).")  # fmt: skip
    tables = {name: _table(responses, staff, scores, name) for name in KIND_OF}
    total = tables["total"].frame.rename(columns={"total": "dimension"})
    return StaffComparison(pd.concat([tables["dimensions"].frame, total], ignore_index=True), responses.language, scores=scores,
                           **tables)  # type: ignore[arg-type]  # fmt: skip


def _check(responses: Responses, staff: Responses) -> None:
    check_kinds(responses=responses, staff=staff)
    if responses.streamed or staff.streamed:
        raise SpecError("a comparison with staff needs all answers in memory: read them with read_responses().")
    if not match_items(staff.instrument, responses.instrument):
        raise SpecError(
            f"staff ('{staff.instrument.name}') and customers ('{responses.instrument.name}') have no item in common."
        )
    drawn = [side.design.stages[0] for side in responses.sides if side.design.stages]
    if drawn and not staff.design.stages:
        raise SpecError(
            f"customers were sampled by {drawn[0]!r}; the design of the staff names no clusters. Say which column holds the "
            f"{drawn[0]}: SampleDesign(clusters={drawn[0]!r})."
        )


def _as_form(responses: Responses, form: str, wanted: str) -> Responses:
    """One form of a file by itself, standing as another form, so that two files can be set against each other."""
    instrument = responses.instrument
    column = instrument.form(form).column
    alone = replace(instrument, forms=(Form(wanted, column),))
    return responses._with(instrument=alone, forms=(wanted,), expectation=None, unmatched=(),
                           matches={item.id: item.id for item in instrument.items})  # fmt: skip


def _table(responses: Responses, staff: Responses, scores: Mapping[Compared, GapScores], name: str) -> StaffTable:
    """One table of all comparisons."""
    first = next(iter(scores.values())).table(name)  # type: ignore[arg-type]
    frames = []
    for compared, found in scores.items():
        frame = found.table(name).frame  # type: ignore[arg-type]
        if name == "total":
            frame = frame[frame["total"] == "mean"]
        frames.append(frame.rename(columns={"perception": "staff", "expectation": "customers", "gap": "difference", "n": "n_staff",
                                            "n_expectation": "n_customers"}).assign(compared=compared))  # fmt: skip
    both = pd.concat(frames, ignore_index=True)
    order = {key: k for k, key in enumerate([*first.words(), "mean"])}
    both = both.assign(_row=both[first.what].map(order)).sort_values("_row", kind="stable").reset_index(drop=True)
    remarks: list[Text] = [
        {language: f"{mine}{sep}{kept_remark(staff)[language]}" for language, mine, sep in (("en", "staff", ": "), ("zh", "员工", "："))},
        {language: f"{mine}{sep}{kept_remark(*responses.sides)[language]}" for language, mine, sep in (("en", "customers", ": "), ("zh", "顾客", "："))},
    ]  # fmt: skip
    return StaffTable(
        both[[*first.by, first.what, "compared", *_COLUMNS]], responses.language, by=first.by, by_columns=first.by_columns,
        instrument=responses.instrument, what=first.what, level=first.level, interval=first.interval, remarks=tuple(remarks),
        cautious=first.cautious, adjust=first.adjust,
    )  # fmt: skip
