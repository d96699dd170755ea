"""What first, and how sure? Shortfall × importance × reach, ranked, with the chances of the ranks and who has to
act."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.importance import NOT_CAUSAL, chance_words
from servqual.drivers.question import Labels
from servqual.inference import NUMBER_COLUMNS, Interval
from servqual.priorities.actions import OWNERS
from servqual.priorities.chances import rank_chances
from servqual.priorities.positions import Importance, Method, Of, Positions
from servqual.priorities.quadrants import PLACE_REASONS, Placed, Quadrants, drawn_words, importance_performance
from servqual.responses import Responses
from servqual.stores import rank_draws
from servqual.tabulation import Estimates
from survey_design.errors import SpecError
from survey_design.results import Column, Language, Result, Text, say, spaced
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_OWNED: Mapping[str, Text] = {**OWNERS, "": {"en": "no owner named", "zh": "未指定责任方"}}
_FACTORS: Mapping[str, Text] = {
    "importance": {"en": "importance", "zh": "重要性"},
    "shortfall": {"en": "shortfall", "zh": "短板"},
    "reach": {"en": "reach", "zh": "影响面"},
}
_WITHIN: Mapping[str, Text] = {
    "yes": {"en": "within its interval", "zh": "在其区间之内"},
    "no": {"en": "outside its interval", "zh": "在其区间之外"},
    "no interval": {"en": "given without interval", "zh": "给定值，无区间"},
    "impossible": {"en": "not possible: more than all customers", "zh": "不可能：超过全体顾客"},
    "no such change": {"en": "no finite change does it", "zh": "任何有限变动均不足以改变"},
}
_TAKEN = (
    "item", "owner", "importance", "importance_low", "importance_high", "shortfall", "shortfall_low", "shortfall_high", "reach", "index",
    "index_low", "index_high", "share", "rank", "rank_low", "rank_high", "first", "top", "n", "df", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One group's items: what is multiplied, as estimated and as drawn.

    Attributes
    ----------
    label, items : the group, and the ids of the items that have a rank
    factors : (k, 3) importance, shortfall, reach
    drawn : (d, k) index in each draw, None where no error can be computed
    """

    label: tuple[Any, ...]
    items: tuple[str, ...]
    factors: Array
    drawn: Array | None

    @property
    def index(self) -> Array:
        return np.asarray(self.factors.prod(axis=1))


@dataclass(frozen=True, eq=False, repr=False)
class Priorities(Estimates):
    """What to do first, one row per group and item, in each group the first at the top.

    Frame columns: the split columns, ``item, owner``; ``importance`` and ``shortfall`` with ``_low, _high``, ``reach``;
    ``index``, their product, with the interval of the draws ``index_low, index_high``; ``share`` of all items' index;
    ``rank`` of the index with ``rank_low, rank_high``; ``first`` and ``top``, the chances to be first and among the
    first few; ``n, df, reason``.

    Attributes
    ----------
    top : how many are "the first few"
    quadrants : the estimates and draws behind it
    target : performance from which nothing is short
    reach_given : "all", "given" or "affected"
    """

    top: int = 3
    quadrants: Quadrants = field(default=None)  # type: ignore[assignment]
    ranked: tuple[_Ranked, ...] = ()
    target: float = 0.0
    reach_given: Literal["all", "given", "affected"] = "all"

    @property
    def positions(self) -> Positions:
        return self.quadrants.positions

    @property
    def labels(self) -> Mapping[str, Text]:
        """What the items are called."""
        return self.positions.labels

    def label(self, item: str) -> str:
        """What one item is called."""
        return say(self.labels.get(item, {"en": item}), self.language)

    def title(self) -> str:
        return self.titled({"en": "What to improve first", "zh": "改进优先级"})

    def columns(self) -> tuple[Column, ...]:
        owned = (Column("owner", {"en": "owner", "zh": "责任方"}, "text", _OWNED),) if self.frame["owner"].any() else ()
        reach = (Column("reach", _FACTORS["reach"], "share"),) if self.reach_given != "all" else ()
        return (
            *self.by_columns, Column("rank", {"en": "rank", "zh": "排名"}, "count"),
            Column("item", {"en": "item", "zh": "项目"}, "text", self.labels), *owned,
            Column("importance", self.positions.heading, "number"), Column("shortfall", _FACTORS["shortfall"], "number"), *reach,
            Column("index", {"en": "index", "zh": "指数"}, "number"), Column("share", {"en": "share", "zh": "占比"}, "share"),
            Column("rank_low", {"en": "best", "zh": "最高"}, "count"), Column("rank_high", {"en": "worst", "zh": "最低"}, "count"),
            Column("first", {"en": "first", "zh": "居首概率"}, "share"),
            Column("top", {"en": f"top {self.top}", "zh": f"前 {self.top} 概率"}, "share"),
            Column("n", NUMBER_COLUMNS["n"].label, "count"), *self.reasons(PLACE_REASONS),
        )  # fmt: skip

    def about(self) -> tuple[Text, ...]:
        gap, target = self.positions.performance == "gap", f"{self.target:g}"
        what: Text = {"en": "index = importance × shortfall × reach", "zh": "指数 = 重要性 × 短板 × 影响面"}
        short: Text = (
            {"en": "shortfall = E − P, 0 where expectations are met", "zh": "短板 = E − P，达到期望时为 0"} if gap
            else {"en": f"shortfall = {target} − performance, 0 from there on", "zh": f"短板 = {target} − 绩效，达到后为 0"}
        )  # fmt: skip
        reach: Mapping[str, Text] = {
            "all": {"en": "reach 1: every item is taken to touch all customers", "zh": "影响面取 1：视为各项均触及全体顾客"},
            "given": {"en": "reach as given, without error", "zh": "影响面按给定值，无误差"},
            "affected": {"en": "reach: share of respondents " + ("who got less than they expected" if self.positions.paired else "in the lower half of the scale, its middle included")
                         + ", its error left out", "zh": "影响面：" + ("实际低于期望的受访者占比" if self.positions.paired else "评分处于量表中点及以下的受访者占比") + "，未计其误差"},
        }  # fmt: skip
        drawn = drawn_words(
            {"en": "chances and intervals of ranks", "zh": "概率与排名区间"}, self.quadrants, {"en": "", "zh": ""}
        )
        causal = () if self.positions.stated else (NOT_CAUSAL,)
        return (what, short, reach[self.reach_given], *drawn, *self._disagreements(), *self._against(), *causal)

    def _against(self) -> tuple[Text, ...]:
        """Items whose importance is below 0: they count as 0."""
        below = list(dict.fromkeys(self.frame.loc[self.frame["importance"] < 0, "item"]))
        if not below:
            return ()
        named = {key: glue.join(say(self.labels.get(item, {"en": item}), key) for item in below)
                 for key, glue in (("en", ", "), ("zh", "、"))}  # fmt: skip
        return (
            {
                "en": f"importance below 0 counts as 0: {named['en']}",
                "zh": spaced(f"重要性低于 0 者按 0 计：{named['zh']}"),
            },
        )

    def _disagreements(self) -> tuple[Text, ...]:
        """Where the draws, which pull, put another item first than the estimates do."""
        found = []
        for ranked in self.ranked:
            if ranked.drawn is None:
                continue
            first = rank_chances(ranked.drawn)[:, 0]
            likely, shown = int(first.argmax()), int(ranked.index.argmax())
            if likely != shown:
                found.append((ranked, ranked.items[likely], float(first[likely])))
        if not found:
            return ()
        if len(found) > 1:
            return ({"en": f"in {len(found)} of {len(self.ranked)} groups another item is likelier to be first than the one at the top: "
                     "see the chances", "zh": f"{len(self.ranked)} 组中有 {len(found)} 组，居首概率最大者并非排名第一者：请看概率"},)  # fmt: skip
        ranked, item, chance = found[0]
        told: dict[str, str] = {}
        for language, frame in (("en", "likelier to be first than the one at the top{place}: {name} ({chance})"),
                                ("zh", "居首概率最大者并非排名第一者{place}：{name}（{chance}）")):  # fmt: skip
            place = self.in_language(cast(Language, language)).group(ranked.label)
            inside = "" if not place else f"（{place}）" if language == "zh" else f" ({place})"
            name = say(self.labels.get(item, {"en": item}), language)
            told[language] = frame.format(place=inside, name=name, chance=chance_words(chance, language))
        return (told,)

    def row(self, item: str, **group: Any) -> pd.Series:
        """The numbers of one item, in one group where the result is split."""
        return self.find("item", item, group, "Items")

    def ranking(self, **group: Any) -> list[str]:
        """The items of one group, the first at the top."""
        return _in_order(self._group(group))

    def rank_chances(self, **group: Any) -> pd.DataFrame:
        """The chance of each item (row) to have each rank (column)."""
        ranked = self._group(group)
        k = len(ranked.items)
        chances = np.full((k, k), np.nan) if ranked.drawn is None else rank_chances(ranked.drawn)
        order = rank_draws(ranked.index[None])[0] - 1 if k else np.zeros(0, dtype=int)
        return pd.DataFrame(chances, index=pd.Index(ranked.items, name="item"), columns=range(1, k + 1)).iloc[
            np.argsort(order)
        ]

    def _group(self, group: Mapping[str, Any]) -> _Ranked:
        if set(group) != set(self.by):
            self.find_all("item", self.frame["item"].iloc[0], group)  # says which values are wanted
        wanted = tuple(group[name] for name in self.by)
        for ranked in self.ranked:
            if ranked.label == wanted:
                return ranked
        self.find_all("item", self.frame["item"].iloc[0], group)
        raise SpecError(f"there is no group {wanted!r}.")

    def sentence(self, item: str | None = None, **group: Any) -> str:
        """One item in words; without a name, the first."""
        if item is None:
            order = self.ranking(**group)
            item = order[0] if order else str(self.frame["item"].iloc[0])
        row, zh = self.row(item, **group), self.language == "zh"
        name = self.beside(self.label(item), row)
        if not np.isfinite(row["index"]):
            return self.nothing(name, "rank", say(PLACE_REASONS[row["reason"]], self.language))
        k = len(self._group(group).items)
        importance, shortfall = (f"{row[each]:.2f}".replace("-", "−") for each in ("importance", "shortfall"))
        if row["index"] == 0:
            return self._nothing_to_do(row, name, importance, shortfall)
        owner = say(_OWNED[row["owner"]], self.language) if row["owner"] else ""
        sure = self._sure(row, k)
        if zh:
            reach = f" × 影响面 {100 * row['reach']:.0f}%" if self.reach_given != "all" else ""
            return spaced(
                f"{name}：在 {k} 项中排名第 {int(row['rank'])}（重要性 {importance} × 短板 {shortfall}{reach}）{sure}"
                + (f"；责任方：{owner}" if owner else "")
                + "。"
            )
        reach = f" × reach {100 * row['reach']:.0f}%" if self.reach_given != "all" else ""
        return (
            f"{name}: rank {int(row['rank'])} of {k} (importance {importance} × shortfall {shortfall}{reach}){sure}"
            + (f"; owner: {owner}" if owner else "")
            + "."
        )

    def _nothing_to_do(self, row: pd.Series, name: str, importance: str, shortfall: str) -> str:
        """Why an index is 0: nothing is short, it counts for nothing, or it touches nobody."""
        zh = self.language == "zh"
        if row["shortfall"] == 0:
            return (
                f"{name}：没有短板（重要性 {importance}）。"
                if zh
                else f"{name}: nothing is short (importance {importance})."
            )
        if row["importance"] <= 0:
            return (
                f"{name}：短板 {shortfall}，但重要性不高于 0（{importance}），故不排序：这并不表示没有短板。"
                if zh
                else f"{name}: {shortfall} short, but its importance is not above 0 ({importance}), so it is not ranked; that does not "
                "mean that all is well."
            )
        return (
            f"{name}：短板 {shortfall}，但不触及任何顾客。"
            if zh
            else f"{name}: {shortfall} short, but it reaches nobody."
        )

    def _sure(self, row: pd.Series, k: int) -> str:
        if not np.isfinite(row["first"]):
            return ""
        low, high, zh = int(row["rank_low"]), int(row["rank_high"]), self.language == "zh"
        first, top = (chance_words(row[name], self.language) for name in ("first", "top"))
        more = 1 < self.top < k
        if zh:
            span = f"可能为第 {low}–{high} 名" if low < high else "排名确定"
            return f"；{span}，居首概率{first}" + (f"，进入前 {self.top} 概率{top}" if more else "")
        span = f"ranks {low}–{high} are possible" if low < high else "no other rank is likely"
        return f"; {span}, first with a chance of {first}" + (
            f", among the first {self.top} with {top}" if more else ""
        )

    def streams(self) -> Streams:
        """Who has to act: the items of each owner, their share of all that is short, and the chance that the first of
        all is theirs."""
        frames = [_stream_rows(ranked, self) for ranked in self.ranked]
        return Streams(
            pd.concat(frames, ignore_index=True),
            self.language,
            by_columns=self.by_columns,
            labels=self.labels,
            level=self.level,
        )

    def what_would_change(self) -> Changes:
        """For each neighbour pair of the ranking: how far the lower one's importance, shortfall or reach must rise for
        the two to swap."""
        frames = [_change_rows(ranked, self) for ranked in self.ranked]
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        return Changes(frame, self.language, by_columns=self.by_columns, labels=self.labels, level=self.level)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The ranked list: index with its interval, the ranks left open, and the chances."""
        from servqual.plots.priorities import draw_priorities

        return draw_priorities(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class Streams(Result):
    """What each owner has to do: ``owner, items`` (how many), ``share`` of the whole index with ``low, high``,
    ``chance`` that the first of all is theirs, ``first`` (their first item), ``listed`` (all their items that are
    short, in order)."""

    by_columns: tuple[Column, ...] = ()
    labels: Mapping[str, Text] = field(default_factory=dict)
    level: float = 0.95

    def title(self) -> str:
        return "按责任方的改进任务" if self.language == "zh" else "Improvements by owner"

    def columns(self) -> tuple[Column, ...]:
        return (
            *self.by_columns, Column("owner", {"en": "owner", "zh": "责任方"}, "text", _OWNED),
            Column("items", {"en": "items", "zh": "项数"}, "count"),
            Column("share", {"en": "share of all", "zh": "占全部"}, "share"), Column("low", NUMBER_COLUMNS["low"].label, "share"),
            Column("high", NUMBER_COLUMNS["high"].label, "share"),
            Column("chance", {"en": "owns the first", "zh": "首项归属概率"}, "share"),
            Column("first", {"en": "begins with", "zh": "首先"}, "text", self.labels),
        )  # fmt: skip

    def note(self) -> str:
        level = f"{100 * self.level:g}%"
        if self.language == "zh":
            return f"占比：该责任方各项指数之和占全部指数的比例，{level} 区间由抽取得出。"
        return f"Share: the owner's part of all items' index, with {level} intervals from the draws."

    def sentence(self, owner: str | None = None) -> str:
        """One owner in words; without a name, the one with the largest share."""
        rows = self.frame if owner is None else self.frame[self.frame["owner"] == owner]
        if rows.empty:
            raise SpecError(f"there is no owner {owner!r}. Owners: {', '.join(dict.fromkeys(self.frame['owner']))}.")
        row, zh = rows.iloc[int(rows["share"].fillna(0).to_numpy().argmax())], self.language == "zh"
        name, first = (
            say(_OWNED[row["owner"]], self.language),
            say(self.labels.get(row["first"], {"en": str(row["first"])}), self.language),
        )
        count = int(row["items"])
        if not np.isfinite(row["share"]):
            return f"{name}：没有短板。" if zh else f"{name}: nothing is short."
        share = f"{100 * row['share']:.0f}%"
        if zh:
            return spaced(f"{name}：{count} 项，占全部短板的 {share}，首先是{first}。")
        return f"{name[:1].upper()}{name[1:]}: {count} item{'' if count == 1 else 's'} with {share} of all that is short, {first} first."


_OPEN = 0.4  # chance of the other order above which two neighbours are not ranked


@dataclass(frozen=True, eq=False, repr=False)
class Changes(Result):
    """What swaps two neighbours of the ranking, three rows a pair.

    Frame columns: ``rank`` of the upper one, ``above, below``; ``factor`` of the lower one, ``now``, ``needed`` to draw
    level, ``change``; ``low, high``, the factor's interval; ``within``: "yes" where ``needed`` lies inside; ``swap``,
    the chance that the order is truly the other way round.
    """

    by_columns: tuple[Column, ...] = ()
    labels: Mapping[str, Text] = field(default_factory=dict)
    level: float = 0.95

    def title(self) -> str:
        return "什么会改变排序" if self.language == "zh" else "What would change the ranking"

    def columns(self) -> tuple[Column, ...]:
        return (
            *self.by_columns, Column("rank", {"en": "rank", "zh": "排名"}, "count"),
            Column("above", {"en": "above", "zh": "前者"}, "text", self.labels), Column("below", {"en": "below", "zh": "后者"}, "text", self.labels),
            Column("factor", {"en": "its", "zh": "后者的"}, "text", _FACTORS), Column("now", {"en": "now", "zh": "现值"}, "number"),
            Column("needed", {"en": "needed", "zh": "所需"}, "number"), Column("low", NUMBER_COLUMNS["low"].label, "number"),
            Column("high", NUMBER_COLUMNS["high"].label, "number"),
            Column("within", {"en": "remark", "zh": "备注"}, "text", _WITHIN),
            Column("swap", {"en": "other order", "zh": "反序概率"}, "share"),
        )  # fmt: skip

    def note(self) -> str:
        level = f"{100 * self.level:g}%"
        if self.language == "zh":
            return (
                f"所需：在其他数值不变时，后者追平前者所需的数值；区间为 {level}。反序概率：抽取中后者高于前者的占比。"
            )
        return (
            f"Needed: the value at which the lower item draws level, all else as it is; {level} intervals. Other order: share of the draws in "
            "which the lower item stands above."
        )

    def sentence(self) -> str:
        """How many neighbours are not ranked by these data: the chance of the other order is above 40%.

        Not how many could swap by one factor at the end of its interval, ``within``: two that differ clearly would count there.
        """
        pairs = self.frame.drop_duplicates(["rank", "above", "below", *(column.name for column in self.by_columns)])
        n, zh, percent = len(pairs), self.language == "zh", f"{100 * _OPEN:.0f}%"
        if not n or pairs["swap"].isna().all():
            return "没有反序概率可言：无法计算误差。" if zh else "No chance of another order: no error can be computed."
        m = int((pairs["swap"] > _OPEN).sum())
        if zh:
            return f"{n} 对相邻名次中，有 {m} 对难分先后（反序概率超过 {percent}）。"
        verb = "is" if m == 1 else "are"
        return f"{m} of {n} neighbour{'' if n == 1 else 's'} {verb} not told apart (the other order has a chance above {percent})."


# --- verb --------------------------------------------------------------------------------------------------


def priorities(
    data: Responses | pd.DataFrame | Quadrants,
    *,
    importance: Importance = "stated",
    performance: str | Sequence[str] | Mapping[str, str] | None = None,
    of: Of = "items",
    target: float | None = None,
    reach: Mapping[str, float] | Literal["affected"] | None = None,
    owners: Mapping[str, str] | None = None,
    top: int = 3,
    outcome: str | None = None,
    method: Method = "correlation",
    scale: tuple[float, float] | None = None,
    by: str | Sequence[str] | None = None,
    design: SampleDesign | None = None,
    labels: Labels | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Priorities:
    """What to improve first: shortfall × importance × reach, ranked, with the chances of the ranks.

    Parameters
    ----------
    data : Responses, a frame, or the Quadrants of :func:`importance_performance` (whose estimates and draws are then
    used) importance, of, outcome, method, scale, by, design, labels, level, interval, seed, draws : as in
    :func:`importance_performance`
    performance : "gap" or "perception"; by default the gap where there are expectations. For a frame its columns.
    target : performance from which nothing is short; by default 0 for a gap, else the top of the scale
    reach : item -> share of customers it touches (0 to 1); "affected" counts the respondents it failed; by default all
    owners : item -> "store", "control" or "support"
    top : how many are "the first few"

    Returns
    -------
    Priorities
        With ``rank_chances()``, ``streams()`` by owner, ``what_would_change()``.

    Notes
    -----
    ``index = max(importance, 0) × max(target − performance, 0) × reach``. It has no unit: only its order and shares
    mean something. In every draw of the true values (see :func:`importance_performance`) the index is computed and
    ranked; ``first`` and ``top`` are the shares of draws. The rank itself is that of the estimates as shown, so that
    the table can be checked by hand. Items that nothing is short of share an
    index of 0; their order among each other is that of the table and says nothing, and they count neither as first nor
    among the first few.

    Responses with expectations are ranked by their gap (target 0), while :func:`importance_performance` maps perception by default:
    its Quadrants ranked have shortfalls to the top of the scale. For one and the same shortfall in both, ask for the map with
    ``performance="gap"``, or for the ranks with ``performance="perception"``.

    How to read it: two neighbours with an "other order" of 40% are not ranked by these data; do the cheaper one first.

    Raises
    ------
    DataError, SpecError
        As :func:`importance_performance`; for a reach outside 0 to 1, an unknown item or owner, a missing target.

    References
    ----------
    Slack (1994), International Journal of Operations & Production Management 14(5), 59-75,
    doi:10.1108/01443579410056803. Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159,
    385-409, doi:10.2307/2983325 (ranks need their uncertainty). Checked by hand on the kiosk data, and chances by
    simulation (tests/test_priorities.py, docs/chances.md).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame(
    ...     rng.normal([4.0, 5.5, 4.5, 6.0], 1, (200, 4)), columns=["waiting", "staff", "music", "parking"]
    ... )
    >>> points = {"waiting": 40, "staff": 30, "music": 20, "parking": 10}
    >>> found = priorities(
    ...     frame, importance=points, performance=list(points), scale=(1, 7), owners={"waiting": "control"}
    ... )
    >>> found.ranking()
    ['waiting', 'music', 'staff', 'parking']
    >>> found.sentence().split(";")[0]
    'waiting: rank 1 of 4 (importance 40.00 × shortfall 3.07)'
    """
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1:
        raise SpecError(f"top={top!r} must be a whole number of 1 or more.")
    quadrants = data if isinstance(data, Quadrants) else importance_performance(
        data, importance=importance, performance=_performance_of(data) if performance is None else performance, of=of,
        outcome=outcome, method=method, scale=scale, by=by, design=design, labels=labels, level=level, interval=interval, seed=seed, draws=draws,
    )  # fmt: skip
    positions = quadrants.positions
    aim = _target(positions, target)
    owned, reached = _owners(owners, positions), _reach(reach, positions)
    ranked = tuple(_rank(placed, positions, aim, reached(placed)) for placed in quadrants.placed)
    frames = [
        _rows(one, placed, quadrants, aim, owned, int(top))
        for one, placed in zip(ranked, quadrants.placed, strict=True)
    ]
    return Priorities(
        pd.concat(frames, ignore_index=True), quadrants.language, level=quadrants.level, interval=quadrants.interval,
        remarks=quadrants.remarks, cautious=quadrants.cautious, by=quadrants.by, by_columns=quadrants.by_columns, top=int(top), quadrants=quadrants,
        ranked=ranked, target=aim, reach_given="all" if reach is None else "affected" if isinstance(reach, str) else "given",
    )  # fmt: skip


def _performance_of(data: Responses | pd.DataFrame) -> str:
    if not isinstance(data, Responses):
        raise SpecError("performance is missing: for a frame name its columns, a list or item -> column.")
    return "gap" if data.pairing in ("paired", "independent") else "perception"


def _target(positions: Positions, target: float | None) -> float:
    """The performance from which nothing is short."""
    if target is not None:
        if isinstance(target, bool) or not np.isfinite(target):
            raise SpecError(f"target={target!r} must be a number on the scale of the performance.")
        return float(target)
    if positions.performance == "gap":
        return 0.0
    if positions.scale is None:
        raise SpecError("what is short of is not known: give scale=(lowest, highest) or target=.")
    return float(positions.scale[1])


def _owners(owners: Mapping[str, str] | None, positions: Positions) -> dict[str, str]:
    """The owner of each item, "" where none is named."""
    given = dict(owners or {})
    _refuse_unknown("owners", given, positions)
    bad = [f"{item}: {owner!r}" for item, owner in given.items() if owner not in OWNERS]
    if bad:
        raise SpecError(f"owners of {', '.join(bad)}: choose from {', '.join(map(repr, OWNERS))}.")
    return {item: given.get(item, "") for item in positions.items}


def _reach(reach: Mapping[str, float] | str | None, positions: Positions) -> Callable[[Placed], Array]:
    """The reach of every item, per group."""
    k = len(positions.items)
    if reach is None:
        return lambda _: np.ones(k)
    if isinstance(reach, str):
        if reach != "affected":
            raise SpecError(f"reach={reach!r} is not known. Write 'affected', or item -> share of customers.")
        if not positions.affected:
            raise SpecError("reach='affected' needs the scale's middle: give scale=(lowest, highest).")
        nothing = np.full(k, np.nan)
        return lambda placed: np.asarray(positions.affected.get(placed.standing.label, nothing))
    _refuse_unknown("reach", reach, positions)
    lacking = [item for item in positions.items if item not in reach]
    bad = [f"{item}: {value!r}" for item, value in reach.items() if isinstance(value, bool) or not 0 <= value <= 1]
    if lacking or bad:
        told = [f"lacks {', '.join(lacking)}"] * bool(lacking) + [f"holds {', '.join(bad)}"] * bool(bad)
        raise SpecError(f"reach must give each item's share of customers, from 0 to 1; it {' and '.join(told)}.")
    shares = np.array([float(reach[item]) for item in positions.items])
    return lambda _: shares


def _refuse_unknown(option: str, given: Mapping[str, Any], positions: Positions) -> None:
    foreign = [str(item) for item in given if item not in positions.items]
    if foreign:
        raise SpecError(
            f"{option} names {', '.join(foreign)}, which {'is no item' if len(foreign) == 1 else 'are no items'} here. Items: {', '.join(positions.items)}."
        )


def _rank(placed: Placed, positions: Positions, target: float, reach: Array) -> _Ranked:
    known = placed.known & np.isfinite(reach)
    value = placed.standing.value[known]
    factors = np.column_stack([np.maximum(value[:, 0], 0), np.maximum(target - value[:, 1], 0), reach[known]])
    items = tuple(name for name, used in zip(positions.items, known, strict=True) if used)
    drawn = None
    if placed.draws is not None:
        truths = placed.draws[:, known[placed.known]]
        drawn = np.maximum(truths[..., 0], 0) * np.maximum(target - truths[..., 1], 0) * reach[known]
    return _Ranked(placed.standing.label, items, factors, drawn)


def _in_order(ranked: _Ranked) -> list[str]:
    return [ranked.items[j] for j in np.argsort(-ranked.index, kind="stable")]


def _rows(
    ranked: _Ranked, placed: Placed, quadrants: Quadrants, target: float, owners: Mapping[str, str], top: int
) -> pd.DataFrame:
    positions, level = quadrants.positions, quadrants.level
    k, standing = len(positions.items), placed.standing
    frame = quadrants.frame
    for name, value in zip(quadrants.by, standing.label, strict=True):
        frame = frame[frame[name] == value]
    own = frame.reset_index(drop=True)
    place = np.array([positions.items.index(item) for item in ranked.items], dtype=int)
    out = {
        name: np.full(k, np.nan)
        for name in (
            "shortfall",
            "reach",
            "index",
            "index_low",
            "index_high",
            "share",
            "rank",
            "rank_low",
            "rank_high",
            "first",
            "top",
        )
    }
    out["shortfall"][place], out["reach"][place], out["index"][place] = (
        ranked.factors[:, 1],
        ranked.factors[:, 2],
        ranked.index,
    )
    if len(place):
        whole = ranked.index.sum()
        out["share"][place] = ranked.index / whole if whole > 0 else np.nan
        out["rank"][place] = rank_draws(ranked.index[None])[0]
    if ranked.drawn is not None and len(place):
        for name, value in _chances(ranked.drawn, out["rank"][place], level, top).items():
            out[name][place] = value
    short_low, short_high = (
        np.maximum(target - own["performance_high"], 0),
        np.maximum(target - own["performance_low"], 0),
    )
    table = pd.DataFrame({
        **{name: [value] * k for name, value in zip(quadrants.by, standing.label, strict=True)}, "item": list(positions.items),
        "owner": [owners[item] for item in positions.items], "importance": own["importance"], "importance_low": own["importance_low"],
        "importance_high": own["importance_high"], "shortfall": out["shortfall"], "shortfall_low": short_low, "shortfall_high": short_high,
        **{name: out[name] for name in ("reach", "index", "index_low", "index_high", "share", "rank", "rank_low", "rank_high", "first", "top")},
        "n": own["n"], "df": own["df"], "reason": own["reason"],
    })  # fmt: skip
    return table.sort_values("rank", kind="stable", na_position="last")


def _chances(drawn: Array, rank: Array, level: float, top: int) -> dict[str, Array]:
    ranks = rank_draws(drawn)
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(ranks, tails, axis=0, method="inverted_cdf").astype(float)
    index_low, index_high = np.quantile(drawn, tails, axis=0)
    return {"index_low": index_low, "index_high": index_high, "rank_low": np.minimum(low, rank), "rank_high": np.maximum(high, rank),
            "first": ((ranks == 1) & (drawn > 0)).mean(axis=0), "top": ((ranks <= top) & (drawn > 0)).mean(axis=0)}  # fmt: skip


def _stream_rows(ranked: _Ranked, result: Priorities) -> pd.DataFrame:
    """One row per owner of one group."""
    owners = dict(zip(result.frame["item"], result.frame["owner"], strict=True))
    of_item = np.array([owners[item] for item in ranked.items], dtype=object)
    order, whole, lines = _in_order(ranked), ranked.index.sum(), []
    for owner in [name for name in _OWNED if (of_item == name).any()]:
        inside = of_item == owner
        low = high = chance = np.nan
        if ranked.drawn is not None:
            total = ranked.drawn.sum(axis=1)
            shares = np.divide(ranked.drawn[:, inside].sum(axis=1), total, out=np.zeros(len(total)), where=total > 0)
            low, high = np.quantile(shares, [(1 - result.level) / 2, (1 + result.level) / 2])
            chance = float((inside[ranked.drawn.argmax(axis=1)] & (total > 0)).mean())
        mine = [item for item in order if owners[item] == owner]
        short = [item for item in mine if ranked.index[ranked.items.index(item)] > 0]
        lines.append({**dict(zip(result.by, ranked.label, strict=True)), "owner": owner, "items": int(inside.sum()),
                      "share": ranked.index[inside].sum() / whole if whole > 0 else np.nan, "low": low, "high": high, "chance": chance,
                      "first": mine[0], "listed": ", ".join(short)})  # fmt: skip
    return pd.DataFrame(lines)


def _change_rows(ranked: _Ranked, result: Priorities) -> pd.DataFrame:
    """Three rows per neighbour pair of one group."""
    table, lines = result.frame, []
    for name, value in zip(result.by, ranked.label, strict=True):
        table = table[table[name] == value]
    known, order = table.set_index("item"), np.argsort(-ranked.index, kind="stable")
    for rank, (a, b) in enumerate(itertools.pairwise(order), 1):
        swap = np.nan if ranked.drawn is None else float((ranked.drawn[:, b] > ranked.drawn[:, a]).mean())
        for j, factor in enumerate(_FACTORS):
            now, others = ranked.factors[b, j], np.delete(ranked.factors[b], j).prod()
            needed = ranked.index[a] / others if others > 0 else np.inf
            row = known.loc[ranked.items[b]]
            low, high = (row[f"{factor}_low"], row[f"{factor}_high"]) if factor != "reach" else (np.nan, np.nan)
            lines.append({**dict(zip(result.by, ranked.label, strict=True)), "rank": rank, "above": ranked.items[a], "below": ranked.items[b],
                          "factor": factor, "now": now, "needed": needed, "change": needed - now, "low": low, "high": high,
                          "within": _within(factor, needed, low, high), "swap": swap})  # fmt: skip
    return pd.DataFrame(lines)


def _within(factor: str, needed: float, low: float, high: float) -> str:
    """Whether a change lies inside what the data leave open."""
    if not np.isfinite(needed):
        return "no such change"
    if factor == "reach" and needed > 1:
        return "impossible"
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no interval"
    return "yes" if low <= needed <= high else "no"
