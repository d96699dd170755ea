"""What did competitors do, and how did their scores stand before and after? Side by side, with no cause claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.benchmark import (
    COMPARED_REASONS,
    ONE_DECIMAL,
    Label,
    Side,
    companies,
    company_column,
    kinds_alike,
    labelled,
    side_of,
)
from servqual.inference import NUMBER_COLUMNS, Interval, choose_interval, t_interval
from servqual.mystery.checklist import Checklist
from servqual.mystery.scores import SCORE_COLUMNS, Exposed, Measured, Of, measures_of
from servqual.mystery.visits import Visits
from servqual.tabulation import IntervalTable, check_split
from survey_design.errors import DataError, SpecError, check_between, check_columns, raise_faults
from survey_design.files.days import NOT_A_DAY, days_in
from survey_design.results import Column, Language, Text, say

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class BeforeAfter(IntervalTable):
    """Moves of companies and, beside each, how its scores stood before and after: one row per move and score.

    Frame columns: ``company, date, what`` (the move); ``part, id, label``; ``before, after, change`` (after − before)
    with ``se, low, high, df``; ``n_before, n_after``; ``own_change`` with ``own_low, own_high`` (our own change over
    the same days; nan for our own moves); ``reason``.

    Attributes
    ----------
    days : how long before and after each move
    """

    days: int = 90
    checklist: Checklist = None  # type: ignore[assignment]
    company: Column = None  # type: ignore[assignment]

    def title(self) -> str:
        if self.language == "zh":
            return f"竞争举措及其前后 {self.days} 天的得分"
        return f"Moves, and scores in the {self.days} days before and after"

    def columns(self) -> tuple[Column, ...]:
        number = NUMBER_COLUMNS["score"]
        change = replace(ONE_DECIMAL["difference"], name="change", label={"en": "change", "zh": "变化"})
        return (
            self.company,
            Column("date", {"en": "date", "zh": "日期"}),
            Column("what", {"en": "move", "zh": "举措"}),
            SCORE_COLUMNS["label"],
            replace(number, name="before", label={"en": "before", "zh": "之前"}),
            replace(number, name="after", label={"en": "after", "zh": "之后"}),
            change,
            *(ONE_DECIMAL[name] for name in ("low", "high")),
            Column("n_before", {"en": "visits before", "zh": "之前访问数"}, "count"),
            Column("n_after", {"en": "visits after", "zh": "之后访问数"}, "count"),
            replace(change, name="own_change", label={"en": "own change", "zh": "本公司变化"}),
            *self.reasons(COMPARED_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        return (
            {"en": "what stands beside a move did not come from it for that reason: other things changed in these days, too",
             "zh": "得分变化与举措并列，并不表示由其引起：同期还有其他变化"},
            {"en": "before and after over the same tiers and kinds of visits, with the same weights",
             "zh": "前后按相同的门店层级与访问方式、以相同权重平均"},
        )  # fmt: skip

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return replace(
            self, language=language, frame=self.frame.assign(label=labelled(self.frame, self.checklist, language))
        )

    def sentence(self, row: int = 0) -> str:
        """One row in words."""
        if not 0 <= row < len(self.frame):
            raise SpecError(f"there is no row {row}: the table has rows 0 to {len(self.frame) - 1}.")
        told, zh = self.frame.iloc[row], self.language == "zh"
        place = f"{self.company.show(told['company'], self.language)}, {told['date']}, {told['what']}"
        if not np.isfinite(told["change"]):
            return self.nothing(place, "change", say(COMPARED_REASONS[told["reason"]], self.language))
        change, low, high = (ONE_DECIMAL["difference" if name == "change" else name].show(told[name], self.language)
                             for name in ("change", "low", "high"))  # fmt: skip
        percent = f"{100 * self.level:g}%"
        error = say(COMPARED_REASONS[told["reason"]], self.language)
        if np.isfinite(told["low"]):
            error = f"{percent} 置信区间 {low} 至 {high}" if zh else f"{percent} CI {low} to {high}"
        beside = (
            ONE_DECIMAL["difference"].show(told["own_change"], self.language) if np.isfinite(told["own_change"]) else ""
        )
        if zh:
            company = self.company.show(told["company"], "zh")
            same = f"；同期本公司 {beside}" if beside else ""
            return f"{told['date']} {company}“{told['what']}”：此后{told['label']}变化 {change} 分（{error}）{same}；并列展示，不作因果推断。"
        same = f"; own stores {beside} in the same days" if beside else ""
        return f"{place}: {told['label']} {change} points after it ({error}){same}; side by side, not cause and effect."


def before_and_after(
    own: Visits,
    competitors: Visits | Sequence[Visits],
    moves: pd.DataFrame,
    *,
    days: int = 90,
    within: str = "tier",
    alike: Sequence[str] = ("mode",),
    of: Of = "final",
    exposed: Exposed = "out",
    level: float = 0.95,
    interval: Interval | None = None,
) -> BeforeAfter:
    """A log of moves with the scores of the company that made each, before and after it. No cause is claimed.

    Parameters
    ----------
    own, competitors, within, alike, of, exposed, level, interval : as in :func:`compare_competitors`
    moves : frame with a row a move: ``company, date, what`` and, where it aims at something, ``indicator`` (an id) or
        ``theme``
        (all indicators that carry it); without either the total stands beside it
    days : how many days before (the move's own day not counted) and after it (its own day counted)

    Raises
    ------
    DataError
        For all unusable cells of the log at once: an unknown company, indicator or theme, a date that is none, no
        words; or if visits have no dates.

    Notes
    -----
    ``change = sum_c W_c (after_c − before_c)`` over the tiers (and kinds of visits) seen in both, W the company's own
    visits in them. Stores are visited before and after, so their covariance counts. Our own change over the same days
    is listed beside: a wave that lifts everybody shows in both. No p is given, for nothing is tested: a store that was
    about to improve may have announced it.
    """
    check_between("level", level, 0, 1)
    if isinstance(days, bool) or not isinstance(days, (int, np.integer)) or days < 1:
        raise SpecError(f"days={days!r} must be a whole number of 1 or more.")
    check_split((within, *alike), ["period", "company", "store"])
    found = companies(own, competitors)
    kinds = kinds_alike(found, within, tuple(alike))
    for name, visits in found.items():
        check_columns(["date"], visits.frame.columns, f"visits of {name!r}")
    measures = measures_of(own.checklist)
    log = _checked_moves(moves, found, own.checklist)
    ours, rows = next(iter(found)), []
    for move in log.to_dict("records"):
        chosen = [k for k, each in enumerate(measures) if (each.part, each.id) in move["aims"]]
        asked = [measures[k] for k in chosen]
        told = {name: _change(visits, move["date"], days, asked, within, kinds, of, exposed, level, interval)
                for name, visits in found.items() if name in (ours, move["company"])}  # fmt: skip
        beside = told[ours] if move["company"] != ours else {}
        none = np.full(len(asked), np.nan)
        rows.append(pd.DataFrame({
            "company": move["company"], "date": str(move["date"].date()), "what": move["what"],
            "part": [each.part for each in asked], "id": [each.id for each in asked], **told[move["company"]],
            **{f"own_{name}": beside.get(name, none) for name in ("change", "low", "high")},
        }))  # fmt: skip
    frame = pd.concat(rows, ignore_index=True)
    frame["reason"] = frame.pop("reason")
    frame.insert(5, "label", labelled(frame, own.checklist, own.language))
    return BeforeAfter(
        frame, own.language, level=level, interval=choose_interval(own.design, interval), days=days, checklist=own.checklist,
        company=company_column(ours, own),
    )  # fmt: skip


def _checked_moves(moves: pd.DataFrame, found: Mapping[str, Visits], checklist: Checklist) -> pd.DataFrame:
    """The log in order of time with what each move aims at, or all its faults."""
    check_columns(["company", "date", "what"], moves.columns, "the moves")
    if moves.empty:
        raise DataError("the log of moves is empty.")
    dates = days_in(moves["date"])
    known = {each.id for each in checklist.indicators}
    themes = {theme for each in checklist.indicators for theme in each.themes}
    faults: list[dict[str, Any]] = []
    for number, (row, date) in enumerate(zip(moves.to_dict("records"), dates, strict=True), start=2):
        checks = [("company", row["company"] in found, f"no visits of it; there are: {', '.join(found)}"),
                  ("date", pd.notna(date), say(NOT_A_DAY, "en")), ("what", _stated(row["what"]) != "", "no words")]  # fmt: skip
        for name, options in (("indicator", known), ("theme", themes)):
            told = _stated(row.get(name))
            checks.append(
                (
                    name,
                    not told or told in options,
                    f"no {name} of the checklist; there are: {', '.join(sorted(options))}",
                )
            )
        faults += [{"company": row["company"], "row": number, "column": name, "value": row.get(name), "problem": problem}
                   for name, fine, problem in checks if not fine]  # fmt: skip
    raise_faults(faults, "the moves")
    aims = [_aims(row, checklist) for row in moves.to_dict("records")]
    return moves.assign(date=dates, aims=pd.Series(aims, index=moves.index, dtype=object)).sort_values(
        "date", kind="stable"
    )


def _stated(value: Any) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value).strip()


def _aims(row: Mapping[Any, Any], checklist: Checklist) -> set[tuple[str, str]]:
    indicator, theme = _stated(row.get("indicator")), _stated(row.get("theme"))
    if indicator:
        return {("indicator", indicator)}
    return {("indicator", each.id) for each in checklist.indicators if theme in each.themes} or {("total", "total")}


def _change(visits: Visits, date: pd.Timestamp, days: int, measures: Sequence[Measured], within: str, alike: tuple[str, ...],
            of: Of, exposed: Exposed, level: float, interval: Interval | None) -> dict[str, Any]:  # fmt: skip
    """Before, after and change of one company's scores around a day."""
    ahead = (visits.frame["date"].dt.normalize() - date.normalize()).dt.days
    near = (ahead >= -days) & (ahead < days) & visits.frame[within].notna()
    near &= True if exposed == "in" else ~visits.exposed
    nothing = {
        name: np.full(len(measures), np.nan) for name in ("before", "after", "change", "se", "low", "high", "df")
    }
    none = np.zeros(len(measures), dtype=int)
    if not near.any():
        return {**nothing, "n_before": none, "n_after": none, "reason": ["no visits"] * len(measures)}
    period = np.where(ahead >= 0, "after", "before")
    some = replace(visits, frame=visits.frame.assign(period=period)).chosen(near.to_numpy())
    side = side_of("", some, within, alike, measures, of, interval, "in", ("period",))
    cells = list(dict.fromkeys(label[:-1] for label in side.labels))
    label_of = {when: [(*cell, when) for cell in cells] for when in ("before", "after")}
    weight = {when: side.aligned(labels, "weight") for when, labels in label_of.items()}
    usable = (weight["before"] > 0) & (weight["after"] > 0)
    share = np.where(usable, weight["before"] + weight["after"], 0.0)
    share = np.divide(share, share.sum(axis=0), out=np.zeros_like(share), where=share.sum(axis=0) > 0)
    return _changed(side, label_of, share, level)


def _changed(side: Side, label_of: Mapping[str, list[Label]], share: Array, level: float) -> dict[str, Any]:
    there, out = share.any(axis=0), {}
    for when, labels in label_of.items():
        mean = (share * np.nan_to_num(side.aligned(labels, "mean"))).sum(axis=0)
        inside = np.zeros((len(side.labels), share.shape[1]), dtype=bool)
        for label, used in zip(labels, share > 0, strict=True):
            if label in side.labels:
                inside[side.labels.index(label)] = used
        out[when] = np.where(there, mean, np.nan)
        out[f"n_{when}"] = side.counted(side.labels, inside)[0]
    terms = [*side.terms(label_of["after"], share), *side.terms(label_of["before"], share, -1.0)]
    spread, change = side.spread(terms, share), out["after"] - out["before"]
    known = there & (spread.df > 0)
    se = np.where(known, spread.se, np.nan)
    low, high = t_interval(change, np.where(se > 0, se, np.nan), np.where(known, spread.df, np.nan), level)
    reason = np.select([~there, ~known, se == 0], ["no visits", "no df", "no variation"], "")
    return {**{name: out[name] for name in ("before", "after")}, "change": change, "se": se, "low": low, "high": high,
            "df": np.where(known, spread.df, np.nan), "n_before": out["n_before"], "n_after": out["n_after"],
            "reason": list(reason)}  # fmt: skip
