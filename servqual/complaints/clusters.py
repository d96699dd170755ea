"""Which few solutions would answer most complaints? Places × phenomena, the largest first, with their cumulative share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.complaints.register import NOT_STATED, Complaints
from servqual.complaints.shares import SPEAKS, STORES, base_remarks, share_lines
from servqual.inference import NUMBER_COLUMNS, Taylor
from servqual.tabulation import IntervalTable, check_split
from survey_design.errors import SpecError, check_between, check_columns
from survey_design.results import Column, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_LEAST = 20  # complaints that each half needs before the second says how the first would have fared


def solutions_for(counts: Array, target: float) -> int:
    """How many of the largest clusters hold at least this share of all.

    >>> solutions_for(np.array([50, 30, 15, 5]), 0.8)
    2
    """
    ordered = np.sort(counts)[::-1]
    return int(np.searchsorted(np.cumsum(ordered), target * ordered.sum() - 1e-9) + 1)


def solutions_interval(
    codes: Array, stores: Array, target: float, draws: int, level: float, seed: int
) -> tuple[int, int]:
    """Percentile interval of :func:`solutions_for` when stores are drawn anew, with their complaints.

    Parameters
    ----------
    codes, stores : (n,) cluster and store of every complaint, as numbers from 0
    """
    generator = np.random.default_rng(seed)
    table = np.zeros((stores.max() + 1, codes.max() + 1))
    np.add.at(table, (stores, codes), 1)
    m = len(table)
    drawn = generator.multinomial(m, np.full(m, 1 / m), size=draws) @ table
    found = [solutions_for(each, target) for each in drawn if each.sum()]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return int(low), int(high)


@dataclass(frozen=True, eq=False, repr=False)
class ComplaintClusters(IntervalTable):
    """Complaints gathered by place and phenomenon, the largest first. Frame columns: ``rank``, what they are gathered by, ``n, of,
    share, se, low, high, df, deff, cumulative_n, cumulative`` (share of this and all larger ones), ``needed`` (True for the largest
    that hold ``target`` together), ``reason``.

    Attributes
    ----------
    complaints : what was gathered
    within : columns it was gathered by
    target : share of the complaints that solutions are to answer
    k, k_low, k_high : how many clusters hold it, and its interval (stores drawn anew)
    held_out : what the same clusters, taken from the earlier half of the complaints, hold of the later half; nan where halves are
        too small
    """

    complaints: Complaints = None  # type: ignore[assignment]
    within: tuple[str, ...] = ("place", "phenomenon")
    target: float = 0.8
    k: int = 0
    k_low: int = 0
    k_high: int = 0
    held_out: float = float("nan")
    k_early: int = 0
    draws: int = 0
    seed: int = 0

    def _named(self, language: str) -> str:
        labels = [say(self.complaints.column_of(name).label, language) for name in self.within]
        return " × ".join(labels)

    def title(self) -> str:
        if self.language == "zh":
            return f"投诉聚类：{self._named('zh')}"
        return f"From many complaints to few solutions: {self._named('en')}"

    def columns(self) -> tuple[Column, ...]:
        bounds = (replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high"))
        return (
            Column("rank", {"en": "rank", "zh": "名次"}, "count"),
            *(self.complaints.column_of(name) for name in self.within),
            Column("n", {"en": "complaints", "zh": "投诉数"}, "count"),
            Column("share", {"en": "share", "zh": "占比"}, "share"),
            *bounds,
            Column("cumulative", {"en": "cumulative", "zh": "累计占比"}, "share"),
        )

    @property
    def method(self) -> str:
        return say(STORES, self.language)

    def about(self) -> tuple[Text, ...]:
        level = f"{100 * self.level:g}%"
        said: list[Text] = [
            {"en": f"number of solutions: {level} percentile interval of {self.draws:,} draws of stores (seed {self.seed})",
             "zh": f"解决方案数：对门店重抽样 {self.draws:,} 次的 {level} 百分位区间（种子 {self.seed}）"},
            {"en": "the largest clusters of a register are partly the largest by chance",
             "zh": "投诉数据中的最大类部分出于偶然"},
        ]  # fmt: skip
        return (*said, SPEAKS)

    def label(self, row: pd.Series) -> str:
        """One cluster in words."""
        shown = [self.complaints.column_of(name).show(row[name], self.language) for name in self.within]
        return (" · " if self.language == "zh" else ", ").join(shown)

    def top(self) -> pd.DataFrame:
        """The clusters that together hold the target."""
        return self.frame[self.frame["needed"]].copy()

    def sentence(self) -> str:
        """How few solutions would answer most complaints, and which is the first."""
        n, clusters, first = self.complaints.n, len(self.frame), self.frame.iloc[0]
        target, share = f"{100 * self.target:g}%", f"{100 * first['share']:.0f}%"
        name = self.label(first)
        held, level = f"{100 * self.held_out:.0f}%", f"{100 * self.level:g}%"
        hold = f"{100 * self.top()['share'].sum():.0f}%"
        more = (
            "" if hold == target else (f"（目标 {target}）" if self.language == "zh" else f" ({target} was asked for)")
        )
        if self.language == "zh":
            later = f"前半期投诉最多的 {self.k_early} 类在后半期占 {held}。" if np.isfinite(self.held_out) else ""
            return (
                f"{n:,} 件投诉归为 {clusters} 类，其中最大的 {self.k} 类（{level} 区间 {self.k_low} 至 {self.k_high}）合计占 {hold}{more}；"
                f"首位：{name}（{share}）。{later}"
            )
        later = (
            f" The {self.k_early} largest of the earlier half hold {held} of the later half."
            if np.isfinite(self.held_out)
            else ""
        )
        return (
            f"{n:,} complaint{'s' * (n != 1)} fall into {clusters} cluster{'s' * (clusters != 1)}; the {self.k} largest ({level} "
            f"interval {self.k_low} to {self.k_high}) hold {hold}{more}. First: {name} ({share}).{later}"
        )

    def plot(self, ax: Axes | None = None, *, most: int = 12) -> Axes:
        """The Pareto picture (see ``servqual.plots.complaints``)."""
        from servqual.plots.complaints import draw_complaint_clusters

        return draw_complaint_clusters(self, ax, most=most)


def complaint_clusters(
    complaints: Complaints,
    *,
    within: Sequence[str] = ("place", "phenomenon"),
    target: float = 0.8,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> ComplaintClusters:
    """From all orders to few solutions: complaints gathered by place and phenomenon, and how many solutions would answer most.

    Parameters
    ----------
    complaints : Complaints
    within : columns to gather by
    target : share of the complaints to be answered
    level : confidence of the intervals
    draws, seed : of the interval of the number of solutions

    Returns
    -------
    ComplaintClusters
        The largest first; ``.top()`` are those that hold the target.

    Notes
    -----
    Pareto's picture flatters: whatever was most frequent in this register is chosen after the fact. ``held_out`` therefore takes the
    clusters that held the target in the earlier half of the complaints and says what these hold of the later half. The number of
    solutions has a percentile interval from drawing stores with all their complaints; such draws find slightly fewer clusters
    than there are, so it leans to the low side.

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.complaints import read_complaints
    >>> rows = [("A", "counter", "wait")] * 6 + [("B", "bill", "charge")] * 3 + [("C", "phone", "wait")]
    >>> table = pd.DataFrame(rows, columns=["store", "place", "phenomenon"]).assign(received="2026-03-02")
    >>> found = complaint_clusters(read_complaints(table, load_instrument("servqual-22")))
    >>> found.frame[["place", "n", "cumulative"]].values.tolist(), found.k
    ([['counter', 6, 0.6], ['bill', 3, 0.9], ['phone', 1, 1.0]], 2)
    """
    check_between("level", level, 0, 1)
    check_between("target", target, 0, 1)
    columns = (within,) if isinstance(within, str) else tuple(within)
    if not columns or len(set(columns)) < len(columns):
        raise SpecError(f"within={within!r}: name one or more columns, each once.")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 100:
        raise SpecError(f"draws={draws!r} must be a whole number of 100 or more.")
    check_columns(columns, complaints.frame.columns, complaints.source.name)
    check_split(columns, ("rank", "n", "of", "share", "cumulative_n", "cumulative", "needed", "reason"))
    values = pd.DataFrame({name: complaints.values(name) for name in columns})
    if (values == NOT_STATED["en"]).all(axis=None):
        raise SpecError(f"no complaint says {' or '.join(columns)}: there is nothing to gather by.")
    keys = pd.Series(list(values.itertuples(index=False, name=None)), index=values.index)
    counts = keys.value_counts(sort=False)
    order = sorted(counts.index, key=lambda key: (-int(counts[key]), tuple(map(str, key))))
    codes = keys.map({key: place for place, key in enumerate(order)}).to_numpy(int)
    table = share_lines(complaints.clusters(), codes, len(order), level)
    total = table["n"].cumsum()
    k = solutions_for(table["n"].to_numpy(), target)
    frame = pd.DataFrame({
        "rank": np.arange(1, len(order) + 1), **{name: [key[j] for key in order] for j, name in enumerate(columns)},
        **table.drop(columns="reason"), "cumulative_n": total, "cumulative": total / complaints.n,
        "needed": np.arange(len(order)) < k, "reason": table["reason"],
    })  # fmt: skip
    stores = pd.factorize(complaints.clusters())[0]
    k_low, k_high = solutions_interval(codes, stores, target, draws, level, seed)
    held, early = held_out_share(codes, complaints.frame["received"], target)
    return ComplaintClusters(
        frame, complaints.language, level=level, interval=Taylor(), remarks=base_remarks(complaints), complaints=complaints,
        within=columns, target=target, k=k, k_low=k_low, k_high=k_high, held_out=held, k_early=early, draws=draws, seed=seed,
    )  # fmt: skip


def held_out_share(codes: Array, received: pd.Series, target: float) -> tuple[float, int]:
    """What the largest clusters of the earlier half hold of the later half, and how many these are.

    Complaints of one moment stay in one half; nan where a half has too few.
    """
    middle = received.sort_values().iloc[(len(received) - 1) // 2]
    early = (received <= middle).to_numpy()
    if min(early.sum(), (~early).sum()) < _LEAST:
        return float("nan"), 0
    counts = np.bincount(codes[early], minlength=codes.max() + 1)
    k = solutions_for(counts, target)
    chosen = np.argsort(-counts, kind="stable")[:k]
    return float(np.isin(codes[~early], chosen).mean()), k
