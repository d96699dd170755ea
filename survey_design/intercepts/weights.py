"""Whom does an exit interview stand for? Weights for visits or for customers, and the design that goes with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.intercepts.plan import InterceptPlan, hour_of
from survey_design.intercepts.tally import TallySheet, checked_tallies, chosen_share, group_counts
from survey_design.results import Column, Language, Result, Text, say
from survey_design.sampling import SampleDesign
from survey_design.sampling.allocation import weighting_deff

Array = NDArray[Any]
Target = Literal["customers", "visits"]
Selected = Literal["leavers", "inside"]

DESIGN_COLUMNS = ("stratum", "cluster", "weight")
_REASONS: Mapping[str, Text] = {
    "no visits": {"en": "frequency of visits not given", "zh": "未回答到店次数"},
    "zero visits": {"en": "frequency of visits not above 0", "zh": "到店次数不大于 0"},
    "no minutes": {"en": "length of stay not given", "zh": "未回答停留时长"},
    "zero minutes": {"en": "length of stay not above 0", "zh": "停留时长不大于 0"},
}
_WORDS: Mapping[str, Text] = {
    "title": {"en": "Weights of exit interviews: {target}", "zh": "出口拦截访问的权数：{target}"},
    "customers": {"en": "the target is customers, each counted once", "zh": "推论对象为顾客，每人计一次"},
    "visits": {"en": "the target is visits, a customer counts as often as they come", "zh": "推论对象为到店人次，同一顾客每来一次计一次"},
    "n": {"en": "{n:,} interviews weighted", "zh": "加权访问 {n:,} 份"},
    "dropped": {"en": "{n:,} left out ({why})", "zh": "剔除 {n:,} 份（{why}）"},
    "kish": {"en": "unequal weights leave an effective n of {n_eff:,.0f} (Kish, design effect {deff:.2f}; clusters not counted)",
             "zh": "权数不等使有效样本量为 {n_eff:,.0f}（Kish，设计效应 {deff:.2f}，未计群的影响）"},
    "tallies": {"en": "within blocks a usable interview stands for all eligible leavers (e = {e:.3f})",
                "zh": "时段内每份可用访问代表全部符合条件的离店者（e = {e:.3f}）"},
    "no tallies": {"en": "without tallies refusals are taken to be alike in all blocks, k as planned, and footfall as expected",
                   "zh": "没有计数表：假定各时段拒访情况相同，间隔 k 按计划执行，客流如预计"},
    "inside": {"en": "people were picked inside, where long stays are met more often: weights hold 1 / minutes",
               "zh": "样本在店内抽取，停留越久越易被抽中：权数含 1／停留分钟数"},
    "trimmed": {"en": "{n:,} weights over {trim:g} times the mean were trimmed, the rest spread over the others",
                "zh": "{n:,} 个超过均值 {trim:g} 倍的权数被截取，余量分摊给其他样本"},
    "empty": {"en": "blocks without a usable interview, stood for by the store's others: {named}",
              "zh": "以下时段无可用访问，由同店其他时段代表：{named}"},
    "hours": {"en": "hours not worked, stood for by the others of their block: {named}", "zh": "以下未执行的小时由同一时段其他小时代表：{named}"},
    "lost": {"en": "stores without any usable interview, stood for by their stratum: {named}",
             "zh": "以下门店无可用访问，由同层其他门店代表：{named}"},
    "silent": {"en": "stores that nothing is said about, for want of interviews: {named}", "zh": "以下门店无访问，结果不代表这些门店：{named}"},
    "departed": {"en": "blocks where more or fewer were picked than every k-th (over 1): {named}", "zh": "以下时段实际抽取人数与每 k 人取一不符（相差超过 1）：{named}"},
    "sentence": {
        "en": "{n:,} interviews of {blocks} block{s_blocks} at {stores} store{s_stores} are weighted; {target}; they are worth about {n_eff:,.0f} "
        "interviews of equal weight.",
        "zh": "对 {stores} 家门店、{blocks} 个时段的 {n:,} 份访问加权；{target}；约相当于 {n_eff:,.0f} 份等权访问。",
    },
}  # fmt: skip
_BLOCK_COLUMNS = (
    Column("store", {"en": "store", "zh": "门店"}),
    Column("block", {"en": "block", "zh": "时段编号"}),
    Column("k", {"en": "every k-th", "zh": "每 k 人取一"}, "count"),
    Column("leavers", {"en": "leavers counted", "zh": "离店人数（计数）"}, "count"),
    Column("picked", {"en": "picked", "zh": "抽取人数"}, "count"),
    Column("eligible", {"en": "eligible", "zh": "符合条件人数"}, "number", decimals=1),
    Column("n", {"en": "interviews", "zh": "可用访问"}, "count"),
    Column("interval", {"en": "leavers per picked", "zh": "离店人数／抽取人数"}, "number"),
    Column("response", {"en": "eligible per interview", "zh": "符合条件人数／可用访问"}, "number"),
    Column("hours", {"en": "for hours not worked", "zh": "代表未执行的小时"}, "number", decimals=3),
    Column("others", {"en": "for other blocks", "zh": "代表其他时段"}, "number", decimals=3),
    Column("visit_weight", {"en": "visits per interview", "zh": "每份代表的人次"}, "number", decimals=1),
)


@dataclass(frozen=True, eq=False, repr=False)
class InterceptWeights(Result):
    """The factors of every block, and the weighted interviews.

    Attributes
    ----------
    frame : one row per planned block. ``visit_weight = interval response hours others / (p_store p_block)``
    responses : the interviews that have a weight, with ``stratum, cluster, weight`` and the store's columns
    excluded : ``row, block, column, value, reason`` of the interviews without one; ``row`` counts as a spreadsheet does
    target : "customers" or "visits"
    n_effective, deff : Kish: ``(sum w)^2 / sum w^2``, and n over that
    """

    responses: pd.DataFrame = field(default_factory=pd.DataFrame)
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)
    target: Target = "visits"
    remarks: tuple[Text, ...] = ()
    n_effective: float = float("nan")

    @property
    def design(self) -> SampleDesign:
        """The design of :meth:`data`, ready for the analysis."""
        return SampleDesign(strata="stratum", clusters="cluster", weight="weight", selection="probability")

    @property
    def n(self) -> int:
        return len(self.responses)

    @property
    def n_dropped(self) -> int:
        return len(self.excluded)

    @property
    def deff(self) -> float:
        return self.n / self.n_effective

    def data(self) -> pd.DataFrame:
        """The weighted interviews with the columns of :attr:`design`, as a copy."""
        return self.responses.copy()

    def title(self) -> str:
        return say(_WORDS["title"], self.language).format(target=say(_WORDS[self.target], self.language))

    def columns(self) -> tuple[Column, ...]:
        return _BLOCK_COLUMNS

    def note(self) -> str:
        glue, stop = ("；", "。") if self.language == "zh" else ("; ", ".")
        return glue.join(say(remark, self.language) for remark in self.remarks) + stop

    def sentence(self) -> str:
        """What was weighted, and for whom it stands."""
        blocks, stores = (self.responses[name].nunique() for name in ("block", "store"))
        return say(_WORDS["sentence"], self.language).format(
            n=self.n, blocks=blocks, stores=stores, s_blocks="s" * (blocks != 1), s_stores="s" * (stores != 1),
            target=say(_WORDS[self.target], self.language), n_eff=self.n_effective,
        )  # fmt: skip


def intercept_weights(
    responses: pd.DataFrame,
    plan: InterceptPlan,
    tallies: TallySheet | pd.DataFrame | None = None,
    *,
    target: Target,
    visits: str = "visits_per_month",
    selected: Selected = "leavers",
    minutes: str = "minutes_in_store",
    e: float | None = None,
    trim: float | None = None,
    language: Language | None = None,
) -> InterceptWeights:
    """Weights for interviews at the door, for visits or for customers.

    ``w = 1 / (p_store p_block)  ×  leavers / picked  ×  eligible / interviews  [× 1 / visits]  [× 1 / minutes]``

    times what it takes to stand for hours, blocks and stores that were lost (Notes).

    Somebody who comes eight times a month passes the door eight times as often as somebody who comes once. If they are
    asked at every visit alike, the plain sample stands for **visits**; ``1 / visits`` makes it stand for **customers**.
    Which of the two is meant has to be said: ``target``.

    Parameters
    ----------
    responses : DataFrame, one row per interview
        With ``block`` as on the tally sheet; or with ``store``, ``date`` and ``hour``, from which the plan knows the block
        (:meth:`InterceptPlan.with_blocks`). The same holds for tallies.
    plan : the plan they were held by
    tallies : filled tallies. Within a block they replace k by the leavers counted over those picked, and let its
        interviews stand for its refusals, too. Without them refusals are taken to be alike in all blocks.
    target : "customers" (each counts once) or "visits" (each visit counts once)
    visits : column with the number of visits in a period of any length that is the same for all, to any of the stores
        that could be drawn; only read for customers. Where only buyers are asked, ask how often they buy: a visit
        without a purchase could not have led to an interview.
    selected : "leavers", as planned, or "inside": people picked while in the store, at a given moment. These are met in
        proportion to how long they stay, and the weight gets ``1 / minutes``. Who leaves is met once however long the
        visit was, so leavers get no such factor.
    minutes : column with the length of stay; only read for "inside"
    e : share of eligible people among picked ones of unknown eligibility; by default estimated from the tallies
    trim : largest weight as a multiple of the mean, such as 5; what is cut off is spread over the others. It buys less
        variance with some bias; None keeps all weights.

    Returns
    -------
    InterceptWeights
        ``.data()`` is a frame with ``stratum, cluster, weight``, ``.design`` the design that names them. Interviews
        whose frequency is missing or not above 0 are left out and listed in ``.excluded``; the others of their block
        stand for them.

    Notes
    -----
    What was planned and brought no usable interview is stood for, and the note names it:

    * an hour that was not worked by the others of its block, in proportion to the leavers expected: its row is blank, or
      absent from tallies by hour that count ``leavers`` (in a list of contacts an hour without a row had nobody picked);
    * a block by the other blocks of its store, in proportion to the eligible leavers it had. If it was not worked,
      these are expected: its footfall of the plan times the ratio of eligible to expected leavers of the store, of the
      stratum if the store has no tallies, else of all;
    * a drawn store by the other stores of its stratum, in the same way.

    Without tallies expected leavers stand in for eligible ones throughout. Reported frequencies are
    taken at their word. Weights add up to the estimated visits of eligible leavers (for customers: to a number
    proportional to theirs); only proportions matter for means.

    References
    ----------
    Nowell and Stanley (1991), Journal of Marketing Research 28, 475-479 (length-biased samples at shopping centres).
    Kalton (1991), Survey Methodology 17, 183-194. Kish (1965), Survey Sampling. Checked by identities and by 5,000
    simulated surveys (tests/test_intercepts.py, docs/intercepts.md).

    Examples
    --------
    >>> from survey_design.intercepts import plan_intercepts
    >>> hours = [("A", d, h, 60) for d in ("2026-03-06", "2026-03-07") for h in range(10, 14)]
    >>> footfall = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
    >>> plan = plan_intercepts(footfall, n=4, minimum=4, interviewers=1, seed=1)
    >>> answers = pd.DataFrame({"block": list(plan.frame["block"]) * 2, "visits_per_month": [1, 2, 4, 8]})
    >>> weighted = intercept_weights(answers, plan, target="customers")
    >>> (weighted.data()["weight"] / weighted.data()["weight"].min()).tolist()
    [8.0, 4.0, 2.0, 1.0]
    """
    check_choice("target", target, Target)
    check_choice("selected", selected, Selected)
    if trim is not None and not (isinstance(trim, (int, float)) and trim > 1):
        raise SpecError(f"trim={trim!r} must be above 1: the largest weight as a multiple of the mean.")
    divisors = ([("visits", visits)] if target == "customers" else []) + (
        [("minutes", minutes)] if selected == "inside" else [])  # fmt: skip
    data = _joined(responses, plan, [column for _, column in divisors])
    excluded = _excluded(data, divisors)
    usable = data.loc[~data.index.isin(excluded["row"] - 2)]
    if usable.empty:
        raise DataError("no interview can be weighted.", excluded)
    counts, idle = (None, []) if tallies is None else _block_counts(tallies, plan, data)
    share = float("nan") if counts is None else chosen_share(e, counts)
    blocks = block_weights(plan.frame, usable["block"].value_counts(), counts, share)
    weight = usable["block"].map(blocks.set_index("block")["visit_weight"]).to_numpy(float)
    for _, column in divisors:
        weight = weight / usable[column].to_numpy(float)
    trimmed = trim_weights(weight, trim)
    n_effective = len(trimmed) / weighting_deff(trimmed, np.ones(len(trimmed)))
    found = InterceptWeights(
        blocks, plan.language if language is None else language, excluded=excluded, target=target,
        responses=usable.assign(weight=trimmed).reset_index(drop=True), n_effective=n_effective,
        remarks=_remarks(blocks, usable, excluded, target, selected, n_effective, share, (trim, int((weight > trimmed).sum())), idle),
    )  # fmt: skip
    return found


def block_weights(plan: pd.DataFrame, interviews: pd.Series, counts: pd.DataFrame | None, e: float) -> pd.DataFrame:
    """The factors of every planned block, and how many visits one of its interviews stands for.

    Parameters
    ----------
    plan : rows of the plan
    interviews : usable interviews by block
    counts : by block, ``leavers``, AAPOR's sets, and ``hours``, the factor for hours not worked; None without tallies
    e : share of eligible people among the unknown
    """
    frame = plan[["store", "block", "stratum", "k", "p_store", "p_block", "leavers"]].rename(
        columns={"leavers": "expected"}
    )
    n = frame["block"].map(interviews).fillna(0).astype(int)
    frame = frame.assign(n=n, leavers=np.nan, picked=np.nan, eligible=np.nan, interval=frame["k"].astype(float),
                         response=np.where(n > 0, 1.0, np.nan), hours=1.0)  # fmt: skip
    if counts is None:
        size = frame["expected"].astype(float)
    else:
        met = counts.reindex(frame["block"]).reset_index(drop=True)
        picked = met[["I", "P", "R", "NC", "O", "U", "NE"]].sum(axis=1, min_count=1)
        eligible = met[["I", "P", "R", "NC", "O"]].sum(axis=1, min_count=1) + np.where(met["U"] > 0, e * met["U"], 0.0)
        counted = (met["leavers"] > 0) & (picked > 0)
        frame = frame.assign(leavers=met["leavers"], picked=picked, eligible=eligible, hours=met["hours"].fillna(1.0),
                             interval=np.where(counted, met["leavers"] / picked.where(picked > 0), frame["k"]),
                             response=np.where(n > 0, eligible / n.where(n > 0), np.nan))  # fmt: skip
        size = _eligible_leavers(frame)
    frame["others"] = _standing_for_others(frame, size)
    base = frame["interval"] * frame["response"] * frame["hours"] * frame["others"]
    return frame.assign(visit_weight=base / (frame["p_store"] * frame["p_block"]))


def _eligible_leavers(frame: pd.DataFrame) -> pd.Series:
    """(b,) eligible leavers of every block: as tallied, else expected leavers times the ratio of the nearest tallied blocks."""
    worked = frame["picked"] > 0
    gone = frame["leavers"].eq(0) & ~worked  # nobody left: nothing to stand for
    size = (frame["interval"] * frame["eligible"] * frame["hours"]).where(worked)
    weight = (1 / (frame["p_store"] * frame["p_block"])).where(worked)
    found, wanted = size * weight, frame["expected"] * weight
    rate = pd.Series(np.nan, index=frame.index)
    for among in (frame["store"], frame["stratum"], pd.Series(0, index=frame.index)):
        expected = wanted.groupby(among).transform("sum")
        rate = rate.fillna(found.groupby(among).transform("sum") / expected.where(expected > 0))
    return size.fillna((frame["expected"] * rate).where(~gone, 0.0))


def _standing_for_others(frame: pd.DataFrame, eligible: pd.Series) -> Array:
    """(b,) factor by which blocks with interviews stand for those without, of their store or of their stratum."""
    store, size = frame["store"], eligible / frame["p_block"]
    whole = size.groupby(store).transform("sum")
    with_interviews = size.where(frame["n"] > 0, 0.0).groupby(store).transform("sum")
    within = (whole / with_interviews.where(with_interviews > 0)).where(frame["n"] > 0)
    one = frame.assign(whole=whole / frame["p_store"], heard=with_interviews > 0).drop_duplicates("store")
    stratum = one.groupby("stratum")["whole"].sum() / one[one["heard"]].groupby("stratum")["whole"].sum()
    return (within * frame["stratum"].map(stratum)).to_numpy(float)


def trim_weights(weight: Array, trim: float | None) -> Array:
    """Weights cut at ``trim`` times their mean, their sum kept: what is cut off is spread over the others in proportion.

    Weights of exit interviews are one over a chance, some of them hundreds of times others, and not yet fitted to any
    total: in proportion, all those not cut keep their ratios, where equal parts would lift the smallest most. Calibrated
    weights are trimmed in equal parts, see :func:`survey_design.calibration.trimmed_weights`.

    >>> trim_weights(np.array([1.0, 1.0, 1.0, 1.0, 6.0]), 2).round(3).tolist()
    [1.5, 1.5, 1.5, 1.5, 4.0]
    """
    if trim is None:
        return weight
    most, found = trim * weight.mean(), weight.astype(float)
    while (over := found > most * (1 + 1e-12)).any():
        free = found < most * (1 - 1e-12)
        spare = (found[over] - most).sum()
        found = np.where(over, most, found)
        found[free] *= 1 + spare / found[free].sum()
    return found


# --- checks ------------------------------------------------------------------------------------------------


def _joined(responses: pd.DataFrame, plan: InterceptPlan, needed: list[str]) -> pd.DataFrame:
    """Interviews with the columns of their block; rows are numbered from 0."""
    responses = plan.with_blocks(responses)
    check_columns(["block", *needed], responses.columns, "responses")
    taken = [name for name in DESIGN_COLUMNS if name in responses]
    if taken:
        raise SpecError(f"responses already have {', '.join(map(repr, taken))}, which the weights are to be called. "
                        "Rename these columns.")  # fmt: skip
    data = responses.reset_index(drop=True)
    known = plan.frame.set_index("block")
    strange = np.flatnonzero(~data["block"].isin(known.index))
    if len(strange):
        cases = pd.DataFrame({"file": "responses", "row": strange + 2, "column": "block",
                              "value": data["block"].astype(str).to_numpy()[strange], "problem": "not in the plan"})  # fmt: skip
        raise DataError(f"{len(strange)} interviews name a block that is not in the plan (rows "
                        f"{', '.join(map(str, strange[:5] + 2))}{', …' if len(strange) > 5 else ''}). "
                        "Give the block as it stands on the tally sheet.", cases)  # fmt: skip
    if "store" in data:
        wrong = np.flatnonzero(data["store"].astype(str) != data["block"].map(known["store"]))
        if len(wrong):
            cases = pd.DataFrame({"file": "responses", "row": wrong + 2, "column": "store",
                                  "value": data["store"].astype(str).to_numpy()[wrong], "problem": "not the block's store"})  # fmt: skip
            raise DataError(
                f"{len(wrong)} interviews name another store than their block does. Correct one of them.", cases
            )
    added = [name for name in ("store", "area_type", "tier") if name in known and name not in data]
    return data.assign(**{name: data["block"].map(known[name]) for name in [*added, "stratum", "cluster"]})


def _excluded(data: pd.DataFrame, divisors: list[tuple[str, str]]) -> pd.DataFrame:
    """Interviews without a weight, and why; the first reason counts."""
    parts = []
    for kind, column in divisors:
        number = pd.to_numeric(data[column], errors="coerce")
        for reason, bad in ((f"no {kind}", ~np.isfinite(number)), (f"zero {kind}", number <= 0)):
            rows = data.index[bad]
            parts.append(pd.DataFrame({"row": rows + 2, "block": data.loc[rows, "block"], "column": column,
                                       "value": data.loc[rows, column].astype(str), "reason": reason}))  # fmt: skip
    empty = pd.DataFrame({"row": pd.Series(dtype=int), "block": [], "column": [], "value": [], "reason": []})
    found = pd.concat([part for part in parts if len(part)] or [empty])
    return found.drop_duplicates("row").sort_values("row", ignore_index=True)


def _block_counts(
    tallies: TallySheet | pd.DataFrame, plan: InterceptPlan, data: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Leavers, AAPOR's sets and the factor of hours by block, in keeping with plan and interviews; hours not worked."""
    rows = tallies.frame if isinstance(tallies, TallySheet) else plan.with_blocks(tallies, where="tallies")
    read = checked_tallies(rows)
    strange = [str(block) for block in dict.fromkeys(read["block"]) if block not in set(plan.frame["block"])]
    if strange:
        raise DataError(f"tallies name {len(strange)} blocks that are not in the plan ({', '.join(strange[:5])}). "
                        "Give blocks as they stand on the tally sheet.",
                        pd.DataFrame({"file": "tallies", "column": "block", "value": strange, "problem": "not in the plan"}))  # fmt: skip
    by_block = group_counts(read).groupby(read["block"])
    counted = read["leavers"].groupby(read["block"])
    counts = by_block.sum().assign(leavers=counted.sum().where(counted.count() == counted.size()))
    held = (counts["I"] + counts["P"]).reindex(plan.frame["block"], fill_value=0)
    given = data["block"].value_counts().reindex(held.index, fill_value=0)
    over = given > held
    if over.any():
        cases = pd.DataFrame({"file": "tallies", "column": "complete", "block": held.index[over], "value": held[over].to_numpy(),
                              "expected": given[over].to_numpy(), "problem": "fewer than the interviews"})  # fmt: skip
        raise DataError(f"{int(over.sum())} blocks have more interviews than their tallies say "
                        f"({', '.join(map(str, held.index[over][:5]))}). Complete the tallies, or correct the interviews' blocks.",
                        cases)  # fmt: skip
    factor, idle = _hours_not_worked(rows, read, plan)
    return counts.assign(hours=factor.reindex(counts.index).fillna(1.0)), idle


def _hours_not_worked(rows: pd.DataFrame, read: pd.DataFrame, plan: InterceptPlan) -> tuple[pd.Series, list[str]]:
    """By block, expected leavers of all hours over those of the hours worked; and the hours not worked, in words.

    Hours whose row is filled in were worked. Hours without a row were not if the tallies are by hour (some block has
    several rows) and the block's leavers were counted; else nobody was picked, or the row is about the whole block.
    """
    factor: dict[Any, float] = {}
    idle: list[str] = []
    if "hour" not in rows or plan.hourly.empty:
        return pd.Series(factor, dtype=float), idle
    listed, worked = (_hours_by_block(part) for part in (rows, read))
    by_hour = any(len(hours) > 1 for hours in listed.values())
    counted = read["leavers"].notna().groupby(read["block"]).all() & by_hour
    footfall = plan.hourly[plan.hourly["block"].isin(worked)]
    for block, expected in footfall.groupby("block", sort=False):
        hours, leavers = expected["hour"].to_numpy(), expected["leavers"].to_numpy(float)
        blank = np.isin(hours, list(listed[block] - worked[block]))
        lost = ~np.isin(hours, list(worked[block])) & (counted[block] | blank)
        if -1 in worked[block] or not lost.any() or leavers[~lost].sum() <= 0:
            continue  # a row without an hour is about the whole block
        factor[block] = leavers.sum() / leavers[~lost].sum()
        idle += [f"{block} {hour}:00" for hour in hours[lost]]
    return pd.Series(factor, dtype=float), idle


def _hours_by_block(rows: pd.DataFrame) -> dict[Any, set[int]]:
    """The hours that the rows of each block name; -1 for a row that names none."""
    hours = rows["hour"].map(lambda value: -1 if (hour := hour_of(value)) is None else hour)
    return {block: set(part) for block, part in hours.groupby(rows["block"])}


# --- words -------------------------------------------------------------------------------------------------


def _remarks(
    blocks: pd.DataFrame, usable: pd.DataFrame, excluded: pd.DataFrame, target: Target, selected: Selected,
    n_effective: float, e: float, trimmed: tuple[float | None, int], idle: list[str],
) -> tuple[Text, ...]:  # fmt: skip
    """What the note says."""
    said = [_remark(target), _remark("n", n=len(usable))]
    if len(excluded):
        counts = excluded["reason"].value_counts()
        why = {code: ("、" if code == "zh" else ", ").join(f"{say(_REASONS[str(reason)], code)} {count}" for reason, count in counts.items())
               for code in ("en", "zh")}  # fmt: skip
        said.append({code: _WORDS["dropped"][code].format(n=len(excluded), why=why[code]) for code in ("en", "zh")})
    said.append(_remark("kish", n_eff=n_effective, deff=len(usable) / n_effective))
    tallied = bool(blocks["picked"].notna().any())
    said.append(_remark("tallies", e=e) if tallied else _remark("no tallies"))
    if selected == "inside":
        said.append(_remark("inside"))
    if trimmed[0] is not None:
        said.append(_remark("trimmed", trim=trimmed[0], n=trimmed[1]))
    return (*said, *_gaps(blocks, idle))


def _gaps(blocks: pd.DataFrame, idle: list[str]) -> list[Text]:
    """Hours, blocks and stores without interviews, and departures from every k-th."""
    heard = blocks.groupby("store")["n"].transform("sum") > 0
    others = blocks["n"].gt(0).groupby(blocks["stratum"]).transform("any")
    departed = (blocks["picked"] - blocks["leavers"] / blocks["k"]).abs() > 1
    lists: dict[str, Iterable[Any]] = {
        "hours": idle,
        "empty": blocks.loc[heard & blocks["n"].eq(0) & ~blocks["leavers"].eq(0), "block"],
        "lost": blocks.loc[~heard & others, "store"],
        "silent": blocks.loc[~heard & ~others, "store"],
        "departed": blocks.loc[departed, "block"],
    }
    said: list[Text] = []
    for key, names in lists.items():
        listed = list(dict.fromkeys(str(name) for name in names))
        if listed:
            said.append({code: _WORDS[key][code].format(named=glue.join(listed[:6]) + (f"{glue}…" if listed[6:] else ""))
                         for code, glue in (("en", ", "), ("zh", "、"))})  # fmt: skip
    return said


def _remark(key: str, **values: Any) -> Text:
    return {code: _WORDS[key][code].format(**values) for code in ("en", "zh")}
