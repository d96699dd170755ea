"""How many of those picked were interviewed? AAPOR's outcome rates from the tallies, by store and hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import SpecError, check_between, check_columns
from survey_design.intercepts.plan import WEEKDAYS
from survey_design.intercepts.tally import TallySheet, checked_tallies, chosen_share, group_counts
from survey_design.results import Column, Language, Result, Text, say, spaced

Array = NDArray[Any]
_ALL = ("I", "P", "R", "NC", "O")

# Each rate: sets in the numerator, sets in the denominator, and how the unknown count there (0, 1 or e).
RATES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], float | str]] = {
    "RR1": (("I",), _ALL, 1.0),
    "RR2": (("I", "P"), _ALL, 1.0),
    "RR3": (("I",), _ALL, "e"),
    "RR4": (("I", "P"), _ALL, "e"),
    "RR5": (("I",), _ALL, 0.0),
    "RR6": (("I", "P"), _ALL, 0.0),
    "COOP1": (("I",), ("I", "P", "R", "O"), 0.0),
    "COOP2": (("I", "P"), ("I", "P", "R", "O"), 0.0),
    "COOP3": (("I",), ("I", "P", "R"), 0.0),
    "COOP4": (("I", "P"), ("I", "P", "R"), 0.0),
    "REF1": (("R",), _ALL, 1.0),
    "REF2": (("R",), _ALL, "e"),
    "REF3": (("R",), _ALL, 0.0),
    "CON1": (("I", "P", "R", "O"), _ALL, 1.0),
    "CON2": (("I", "P", "R", "O"), _ALL, "e"),
    "CON3": (("I", "P", "R", "O"), _ALL, 0.0),
}
_KINDS: Mapping[str, Text] = {
    "RR": {"en": "response rate", "zh": "应答率"},
    "COOP": {"en": "cooperation rate", "zh": "合作率"},
    "REF": {"en": "refusal rate", "zh": "拒访率"},
    "CON": {"en": "contact rate", "zh": "接触率"},
}
RATE_WORDS: Mapping[str, Text] = {
    name: {
        "en": f"{_KINDS[name[:-1]]['en']} {name[-1]} ({name})",
        "zh": f"{_KINDS[name[:-1]]['zh']} {name[-1]}（{name}）",
    }
    for name in RATES
}
_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "nobody": {"en": "nobody to be counted in the denominator", "zh": "分母中无人可计"},
    "no e": {"en": "nobody's eligibility is known, so e cannot be estimated: give e", "zh": "无人资格已知，无法估计 e，请给定 e"},
}  # fmt: skip
_WORDS: Mapping[str, Text] = {
    "title": {"en": "Outcome rates (AAPOR)", "zh": "调查结果率（AAPOR）"},
    "by": {"en": ", by {split}", "zh": "（按{split}）"},
    "base": {"en": "{n:,.0f} leaver{s_n} picked in {blocks:,} block{s_blocks}", "zh": "{blocks:,} 个时段共抽取离店者 {n:,.0f} 人"},
    "e given": {"en": "e = {e:.3f}, given", "zh": "e = {e:.3f}（给定）"},
    "e estimated": {"en": "e = {e:.3f}, the share of eligible people among those of known eligibility, all rows together",
                    "zh": "e = {e:.3f}（资格已知者中符合条件的比例，全部各行合计）"},
    "blocks": {"en": "{level:g}% Wilson intervals on n over the design effect of blocks, pooled over the rows (df = {df})",
               "zh": "{level:g}% Wilson 区间，有效样本量为 n 除以各行合并的时段设计效应（自由度 {df}）"},
    "leavers": {"en": "{level:g}% Wilson intervals that take leavers as independent: no row has two blocks to compare",
                "zh": "{level:g}% Wilson 区间，视离店者相互独立：没有任何一行有两个可比较的时段"},
    "unweighted": {"en": "not weighted", "zh": "未加权"},
    "sentence": {"en": "{rate}{place}: {value} ({percent:g}% CI {low} to {high}, n = {n:,.0f}).",
                 "zh": "{place}{rate}为 {value}（{percent:g}% 置信区间 {low} 至 {high}，n = {n:,.0f}）。"},
    "none": {"en": "{rate}{place} cannot be given: {why}.", "zh": "{place}{rate}无法计算：{why}。"},
}  # fmt: skip
_HEADINGS: Mapping[str, Text] = {
    "store": {"en": "store", "zh": "门店"}, "hour": {"en": "hour from", "zh": "小时（起）"},
    "start": {"en": "start (h)", "zh": "起始小时"}, "end": {"en": "end (h)", "zh": "结束小时"},
    "weekday": {"en": "weekday", "zh": "星期"},
    "block": {"en": "block", "zh": "时段编号"}, "day": {"en": "day", "zh": "日期"},
    "interviewer": {"en": "interviewer", "zh": "访问员"}, "tier": {"en": "tier", "zh": "门店层级"},
    "area_type": {"en": "area type", "zh": "区域类型"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class OutcomeRates(Result):
    """AAPOR rates, one row per group and rate.

    Attributes
    ----------
    frame : the split columns, ``rate, value, low, high, n, count, blocks, deff, reason``; ``n`` is the denominator, which
        is no whole number where the unknown count as e
    counts : one row per group: the sets I, P, R, NC, O, U, NE and the number picked
    by, level, e, e_given : as asked for; e is the share of eligible people among the unknown
    df : degrees of freedom of the design effects; 0 where leavers were taken as independent
    """

    counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    by: tuple[str, ...] = ()
    level: float = 0.95
    e: float = float("nan")
    e_given: bool = False
    df: int = 0
    n_blocks: int = 0

    def title(self) -> str:
        head = say(_WORDS["title"], self.language)
        named = [
            self.column_words(name) if name in self.called else say(_heading(name), self.language) for name in self.by
        ]
        split = ("、" if self.language == "zh" else ", ").join(named)
        return head + (say(_WORDS["by"], self.language).format(split=split) if split else "")

    def columns(self) -> tuple[Column, ...]:
        numbers = (
            Column("rate", {"en": "rate", "zh": "指标"}, "text", RATE_WORDS),
            Column("value", {"en": "value", "zh": "数值"}, "share"),
            Column("low", {"en": "low", "zh": "下限"}, "share"),
            Column("high", {"en": "high", "zh": "上限"}, "share"),
            Column("count", {"en": "count", "zh": "人数"}, "count"),
            Column("n", {"en": "n", "zh": "样本量"}, "number", decimals=1),
            Column("blocks", {"en": "blocks", "zh": "时段数"}, "count"),
            Column("deff", {"en": "deff", "zh": "设计效应"}, "number"),
        )
        remarks = (Column("reason", {"en": "remark", "zh": "备注"}, "text", _REASONS),)
        days: Mapping[Any, Text] = WEEKDAYS
        split = tuple(Column(name, _heading(name), words=days if name == "weekday" else {}) for name in self.by)
        return (*split, *numbers, *(remarks if (self.frame["reason"] != "").any() else ()))

    def note(self) -> str:
        picked = int(self.counts["picked"].sum())
        parts = [
            say(_WORDS["base"], self.language).format(
                n=picked, blocks=self.n_blocks, s_n="s" * (picked != 1), s_blocks="s" * (self.n_blocks != 1)
            ),
            say(_WORDS["e given" if self.e_given else "e estimated"], self.language).format(e=self.e),
            say(_WORDS["blocks" if self.df else "leavers"], self.language).format(level=100 * self.level, df=self.df),
            say(_WORDS["unweighted"], self.language),
        ]
        return ("；" if self.language == "zh" else "; ").join(parts) + ("。" if self.language == "zh" else ".")

    def sentence(self, rate: str = "RR3", **group: Any) -> str:
        """One rate of one group in words: ``rates.sentence("RR1", store="S01")``."""
        if set(group) != set(self.by):
            raise SpecError(f"name one value for each of {', '.join(self.by) or 'no column'}.")
        hit = self.frame["rate"] == rate
        for name, value in group.items():
            hit &= self.frame[name] == value
        if not hit.any():
            known = ", ".join(dict.fromkeys(self.frame["rate"]))
            raise SpecError(f"there is no row {rate!r} {group or ''}. Rates: {known}.")
        row, share = self.frame[hit].iloc[0], Column("value", {}, "share", decimals=0)
        place = ("、" if self.language == "zh" else ", ").join(self._place(*each) for each in group.items())
        place = (spaced(f"{place}的") if self.language == "zh" else f" at {place}") if place else ""
        words = {"rate": say(RATE_WORDS[rate], self.language), "place": place, "percent": 100 * self.level}
        if row["reason"]:
            text = say(_WORDS["none"], self.language).format(**words, why=say(_REASONS[row["reason"]], self.language))
        else:
            shown = {name: share.show(row[name], self.language) for name in ("value", "low", "high")}
            text = say(_WORDS["sentence"], self.language).format(**words, **shown, n=row["n"])
        return text[0].upper() + text[1:]

    def _place(self, name: str, value: Any) -> str:
        """One value of a split column in words; an hour with its unit."""
        if name in ("hour", "start", "end"):
            return f"{value} 时" if self.language == "zh" else f"{value}:00"
        if name == "weekday":
            return say(WEEKDAYS.get(value, str(value)), self.language)
        return self.value_words(name, value)


def outcome_rates(
    tallies: TallySheet | pd.DataFrame,
    *,
    by: str | Sequence[str] = (),
    e: float | None = None,
    rates: Sequence[str] = tuple(RATES),
    level: float = 0.95,
    language: Language = "en",
) -> OutcomeRates:
    """Response, cooperation, refusal and contact rates as AAPOR defines them.

    With I complete, P partial, R refusals and break-offs, NC not approached, O others, U of unknown eligibility:

    * ``RR1 = I / (I+P+R+NC+O+U)``; RR2 has I+P above; RR3 and RR4 count ``e U`` instead of U; RR5 and RR6 leave U out.
    * ``COOP1 = I / (I+P+R+O)``, COOP2 with I+P above; COOP3 and COOP4 leave O out.
    * ``REF1 = R / (I+P+R+NC+O+U)``, REF2 with e U, REF3 without U.
    * ``CON1 = (I+P+R+O) / (I+P+R+NC+O+U)``, CON2 with e U, CON3 without U.

    RR1 is the least that can be claimed, RR5 the most. RR3 and RR4 depend on e: say which.

    Parameters
    ----------
    tallies : filled sheet, or a frame with ``block`` and a column of counts per outcome (:func:`tally_sheet`)
    by : columns to split by, such as ("store", "hour")
    e : share of eligible people among the unknown; by default ``(I+P+R+NC+O) / (I+P+R+NC+O+NE)`` over all tallies
    rates : which rates
    level : confidence of the intervals

    Returns
    -------
    OutcomeRates
        A row per group and rate; where nobody is in the denominator the reason stands instead of the number.

    Notes
    -----
    Leavers of a block share interviewer, place and hour. The variation between the blocks of a row, over that of
    independent leavers, gives a design effect: pooled over all rows of the table, and at least 1. The interval is
    Wilson's with ``n / deff`` and a t quantile. e is taken as known.

    References
    ----------
    AAPOR, Standard Definitions, 9th edition, 2016. Wilson (1927), Journal of the American Statistical Association 22,
    209-212, doi:10.1080/01621459.1927.10502953. Checked against the published example of R's outcomerate, and the
    intervals against statsmodels (tests/test_outcome_rates.py).

    Examples
    --------
    >>> tallies = pd.DataFrame(
    ...     [dict(block="A", complete=4, partial=2, refusal=1, missed=1, other=1, unknown=2, ineligible=1)]
    ... )
    >>> rates = outcome_rates(tallies).to_frame().set_index("rate")["value"]
    >>> rates[["RR1", "RR3", "COOP1", "REF1"]].round(3).tolist()
    [0.364, 0.37, 0.5, 0.091]
    """
    check_between("level", level, 0, 1)
    unknown = [name for name in rates if name not in RATES]
    if unknown or not rates:
        raise SpecError(f"rates={', '.join(map(repr, unknown)) or '()'}: choose among {', '.join(RATES)}.")
    split = (by,) if isinstance(by, str) else tuple(by)
    read = checked_tallies(tallies)
    check_columns(split, read.columns, "tallies")
    counts = group_counts(read)
    share = chosen_share(e, counts)
    units = [*split, *(["block"] if "block" not in split else [])]
    cells = read[units].join(counts).groupby(units, sort=True).sum().reset_index()
    group = cells.groupby(list(split), sort=True).ngroup().to_numpy() if split else np.zeros(len(cells), dtype=int)
    tables = [_rate_rows(name, cells, group, share, level) for name in rates]
    frame = pd.concat(tables).sort_index(kind="stable")
    labels = cells.loc[np.unique(group, return_index=True)[1], list(split)].reset_index(drop=True)
    known = labels.join(cells[list(counts.columns)].groupby(group).sum().astype(int))
    return OutcomeRates(
        labels.join(frame).reset_index(drop=True), language, by=split, level=level, e=share, e_given=e is not None,
        counts=known.assign(picked=known[list(counts.columns)].sum(axis=1)), df=len(cells) - len(labels),
        n_blocks=read["block"].nunique(),
    )  # fmt: skip


def _rate_rows(name: str, cells: pd.DataFrame, group: Array, e: float, level: float) -> pd.DataFrame:
    """One rate of every group with its interval."""
    above, below, unknown = RATES[name]
    weight = e if unknown == "e" else float(unknown)
    top = cells[list(above)].sum(axis=1).to_numpy(float)
    some = cells["U"].to_numpy(float)
    base = cells[list(below)].sum(axis=1).to_numpy(float) + np.where(some > 0, weight * some if weight else 0.0, 0.0)
    count, n = np.bincount(group, top), np.bincount(group, base)
    with np.errstate(invalid="ignore"):
        value = np.where(n > 0, count / np.where(n > 0, n, 1), np.nan)
    deff, df = block_effect(top, base, group)
    low, high = wilson_bounds(value, n / np.fmax(deff, 1.0), df, level)
    reason = np.where(np.isnan(n), "no e", np.where(n > 0, "", "nobody"))
    return pd.DataFrame({"rate": name, "value": value, "low": low, "high": high, "n": n, "count": count,
                         "blocks": np.bincount(group), "deff": deff if df else np.nan, "reason": reason})  # fmt: skip


def block_effect(top: Array, base: Array, group: Array) -> tuple[float, int]:
    """Design effect of blocks on ratios, pooled over groups, and its degrees of freedom; (1, 0) where it is not known.

    ``sum_g m/(m-1) sum_b (top_b - r_g base_b)^2  /  sum_g n_g r_g (1 - r_g)`` over groups g with m >= 2 blocks.

    >>> block_effect(np.array([5.0, 5.0, 9.0, 1.0]), np.full(4, 10.0), np.array([0, 0, 1, 1]))[0]
    6.4
    """
    blocks, count, n = np.bincount(group), np.bincount(group, top), np.bincount(group, base)
    share = count / np.where(n > 0, n, 1)
    apart = np.bincount(group, (top - share[group] * base) ** 2)
    known = (blocks > 1) & (n > 0)
    within = (n * share * (1 - share))[known].sum()
    df = int((blocks[known] - 1).sum())
    if not df or not within > 0:
        return 1.0, df
    return float((blocks / np.maximum(blocks - 1, 1) * apart)[known].sum() / within), df


def wilson_bounds(share: Array, n: Array, df: int, level: float) -> tuple[Array, Array]:
    """Wilson's interval for shares of n, which need not be whole; a t quantile where the design effect has df."""
    from scipy.special import ndtri, stdtrit

    q = float(stdtrit(df, (1 + level) / 2) if df else ndtri((1 + level) / 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (share + q**2 / (2 * n)) / (1 + q**2 / n)
        half = q / (1 + q**2 / n) * np.sqrt(share * (1 - share) / n + q**2 / (4 * n**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def _heading(name: str) -> Text:
    return _HEADINGS.get(name, {"en": name, "zh": name})
