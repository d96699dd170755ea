"""Do groups differ, and may the mean of a group's members be relied upon? ICC(1), ICC(2), and how many interviews it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.correlations import OF_WORDS, Of
from servqual.inference import NUMBER_COLUMNS
from servqual.levels.sums import (
    GroupSums,
    Split,
    icc_interval,
    jackknife_icc,
    mean_reliability,
    members_needed,
    within_agreement,
)
from servqual.measures import CAUTION
from servqual.moments import NOT_STATED, Moments
from servqual.psychometrics.batteries import ALL, Battery, ItemSet, battery_of
from servqual.remarks import kept_remark
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Column, Estimate, Result, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Method = Literal["jackknife", "exact"]

LEVEL_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "no complete": {
        "en": "fewer than two groups with complete answers, or one answer in each",
        "zh": "有完整回答的组不足两个，或每组仅一份",
    },
    "constant": {"en": "all answers are the same", "zh": "回答全部相同"},
    "no within": {
        "en": "members of each group answer alike: all differences are between groups, ICC(1) = 1, nothing to test against",
        "zh": "各组内回答完全相同，差异全在组间，ICC(1) = 1，无法检验",
    },
    "negative": {
        "en": "groups differ less than chance would have it",
        "zh": "组间差异小于偶然波动",
    },
    "unstable": {
        "en": "no interval: hangs on a single group",
        "zh": "无区间：取决于个别组",
    },
    "uneven": {
        "en": "large groups differ otherwise than small ones: read the interval",
        "zh": "大组之间的差异与小组之间不同，请以区间为准",
    },
}
_FEW_GROUPS = 10  # under which an interval of ICC(1) is too wide to be of use
_AGREED = 0.70
_WEIGHTS_MATTER = 1.005  # design effect of weights within groups from which it is said
_TAKEN = (
    *("scale", "item", "k", "n", "n_dropped", "groups", "smallest", "largest", "n0", "sd_between", "sd_within", "f", "df1", "df2", "p"),
    *("icc1", "icc1_low", "icc1_high", "icc2", "icc2_low", "icc2_high", "deff", "r_wg", "agreed", "reason"),
)  # fmt: skip


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class GroupReliability(Result):
    """How much of the answers lies between groups, and how far a group's mean can be relied upon; one row per dimension, and all.

    Frame columns: ``scale`` (dimension, or "all"; :meth:`items` has ``item``), ``k`` (items), ``n, n_dropped, groups, smallest,
    largest, n0`` (size that unequal groups stand for); ``variance_between, variance_within`` (the first may be negative),
    ``sd_between`` (0 then), ``sd_within``; ``f, df1, df2, p``; ``icc1, icc1_low, icc1_high`` (share between groups, untruncated);
    ``icc2, icc2_low, icc2_high`` (reliability of the mean of n0 members), ``icc2_smallest, icc2_largest``; ``deff``; for each
    reliability wanted ``needed_70, needed_70_low, needed_70_high`` (interviews per group, infinite where none will do);
    ``r_wg`` (median over groups of two or more; nan for gaps), ``agreed`` (share of these groups with .70 or more); ``reason``.

    Attributes
    ----------
    by, by_column : the split, and what it is called
    of, level, wanted : as asked for
    method : how the intervals were made, "jackknife" or "exact"
    sizes : (g,) rows of each group, with complete answers or not
    remarks : base, design and weights in words
    every_item : the rows of items
    """

    by: str = field(kw_only=True)
    by_column: Column = field(kw_only=True)
    of: Of = field(kw_only=True)
    level: float = field(kw_only=True)
    wanted: tuple[float, ...] = field(kw_only=True)
    method: Method = field(kw_only=True)
    words: Mapping[str, Text] = field(kw_only=True)
    sizes: Array = field(kw_only=True)
    remarks: tuple[Text, ...] = field(default=(), kw_only=True)
    cautious: bool = field(default=False, kw_only=True)
    every_item: pd.DataFrame = field(kw_only=True)
    what: str = field(default="scale", kw_only=True)

    def items(self) -> GroupReliability:
        """The same for single items."""
        return replace(self, frame=self.every_item, what="item")

    @property
    def needed_columns(self) -> dict[float, str]:
        """The frame's column of interviews needed, for each reliability wanted, from the lowest."""
        return {each: wanted_column(each) for each in sorted(self.wanted)}

    def title(self) -> str:
        of, by = say(OF_WORDS[self.of], self.language), self.by_column.heading(self.language)
        if self.language == "zh":
            return spaced(f"各{by}有无差异、其均值是否可靠：{of}")
        return f"Do groups differ, and are their means dependable? {of[0].upper()}{of[1:]} by {by}"

    def columns(self) -> tuple[Column, ...]:
        label = {"scale": {"en": "scale", "zh": "量表"}, "item": {"en": "item", "zh": "题项"}}[self.what]
        needed = [
            Column(wanted_column(each), {"en": f"n for {each:g}", "zh": f"达 {each:g} 所需 n"}, "count")
            for each in self.wanted
        ]
        agreement = [Column("r_wg", {"en": "r_wg, median", "zh": "r_wg 中位数"}, "number"),
                     Column("agreed", {"en": f"r_wg ≥ {_AGREED:.2f}", "zh": f"r_wg ≥ {_AGREED:.2f} 的组"}, "share")]  # fmt: skip
        return (
            Column(self.what, label, "text", self.words),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            Column("groups", {"en": "groups", "zh": "组数"}, "count"),
            Column("n0", {"en": "per group", "zh": "每组 n"}, "number", decimals=1),
            Column("sd_between", {"en": "SD between", "zh": "组间标准差"}, "number"),
            Column("f", {"en": "F", "zh": "F"}, "number"),
            NUMBER_COLUMNS["p"],
            Column("icc1", {"en": "ICC(1)", "zh": "ICC(1)"}, "number", decimals=3),
            Column("icc1_low", {"en": "low", "zh": "下限"}, "number", decimals=3),
            Column("icc1_high", {"en": "high", "zh": "上限"}, "number", decimals=3),
            Column("icc2", {"en": "ICC(2)", "zh": "ICC(2)"}, "number"),
            Column("icc2_low", {"en": "ICC(2) low", "zh": "ICC(2) 下限"}, "number"),
            Column("icc2_high", {"en": "ICC(2) high", "zh": "ICC(2) 上限"}, "number"),
            NUMBER_COLUMNS["deff"],
            *needed,
            *(agreement if self.frame["r_wg"].notna().any() else []),
            *([Column("reason", {"en": "remark", "zh": "备注"}, "text", LEVEL_REASONS)] if self.frame["reason"].any() else []),
        )  # fmt: skip

    def note(self) -> str:
        zh = self.language == "zh"
        parts = [say(text, self.language) for text in (*self.remarks, *_how_to_read(self))]
        caution = say(CAUTION, self.language) if self.cautious else ""
        if zh:
            return "；".join(parts) + "。" + caution
        return (f"{'; '.join(parts)}. {caution}").rstrip()

    def row(self, part: str) -> pd.Series:
        """The numbers of a dimension, of "all", or of an item."""
        frame = self.frame if (self.frame[self.what] == part).any() else self.every_item
        column = self.what if frame is self.frame else "item"
        hit = frame[frame[column] == part]
        if hit.empty:
            known = ", ".join([*self.frame[self.what], *([] if self.what == "item" else self.every_item["item"])])
            raise SpecError(f"there is no row {part!r}. Rows: {known}.")
        return hit.iloc[0]

    def estimate(self, part: str, coefficient: str = "icc1") -> Estimate:
        """ICC(1) ("icc1") or ICC(2) ("icc2") of one row with its interval and base."""
        if coefficient not in ("icc1", "icc2"):
            raise SpecError(f"coefficient={coefficient!r}: 'icc1' and 'icc2' have intervals.")
        row = self.row(part)
        return Estimate(row[coefficient], np.nan, row[f"{coefficient}_low"], row[f"{coefficient}_high"], int(row["n"]),
                        row["df1"], self.level, p=row["p"], deff=row["deff"], method=say(METHODS[self.method], self.language),
                        reason=say(LEVEL_REASONS[row["reason"]], self.language))  # fmt: skip

    def sentence(self, part: str | None = None) -> str:
        """One dimension, "all" or one item in words: whether groups differ, how reliable their means are, what it would take."""
        row = self.row(str(self.frame[self.what].iloc[-1]) if part is None else part)
        place = self._place(row)
        zh, why = self.language == "zh", say(LEVEL_REASONS[row["reason"]], self.language)
        if not np.isfinite(row["icc1"]):
            return f"{place}：无法计算（{why}）。" if zh else f"{place}: no ICC can be given ({why})."
        said = [why] if row["reason"] == "no within" else [self._share(row), self._mean(row)]
        return f"{place}：{'；'.join(said)}。" if zh else f"{place}: {'; '.join(said)}."

    def _place(self, row: pd.Series) -> str:
        name = _part(row)
        label, by = say(self.words.get(name, {"en": name}), self.language), self.by_column.heading(self.language)
        return spaced(f"{label}（按{by}）") if self.language == "zh" else f"{label}, by {by}"

    def _share(self, row: pd.Series) -> str:
        """Whether groups differ, and by how much."""
        zh, differ = self.language == "zh", bool(row["p"] < 1 - self.level)
        bounds = self.estimate(_part(row)).interval(self.language, 3)
        p = NUMBER_COLUMNS["p"].show(row["p"], self.language)
        test = f"F({row['df1']:.0f}, {row['df2']:.0f}) = {row['f']:.2f}, p {f'< {p[1:]}' if p.startswith('<') else f'= {p}'}"
        icc = Column("icc1", {}, "number", decimals=3).show(row["icc1"], self.language)
        if zh:
            head = "各组确有差异" if differ else "各组差异未超出偶然波动"
            inside = f"（{bounds}；{test}）" if np.isfinite(row["f"]) else f"（{bounds}）"
            return f"{head}：ICC(1) = {icc}{inside}"
        head = "groups differ" if differ else "groups differ no more than chance would have it"
        inside = f" ({bounds}; {test})" if np.isfinite(row["f"]) else f" ({bounds})"
        return f"{head}: ICC(1) = {icc}{inside}"

    def _mean(self, row: pd.Series) -> str:
        """How reliable a group's mean is, and what it would take."""
        zh = self.language == "zh"
        if row["reason"] == "negative":
            return say(_NO_MEAN, self.language)
        value, bounds = Column("icc2", {}, "number").show(row["icc2"], self.language), self.estimate(_part(row), "icc2")
        shown = bounds.interval(self.language)
        needed = [(each, row[wanted_column(each)]) for each in self.wanted]
        if zh:
            asked = "，".join(f"达 {each:g} 每组需 {number:,.0f} 份" for each, number in needed)
            return f"每组约 {row['n0']:.1f} 份的均值，信度 ICC(2) = {value}（{shown}）；{asked}"
        asked = ", ".join(f"{number:,.0f} for {each:g}" for each, number in needed)
        return (
            f"the mean of about {row['n0']:.1f} interviews has a reliability of ICC(2) = {value} ({shown}); interviews per group "
            f"needed: {asked}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """ICC(1) with its interval, and beside it the interviews per group that a dependable mean takes."""
        from servqual.plots.levels import draw_levels

        return draw_levels(self, ax)


METHODS: Mapping[str, Text] = {
    "exact": {
        "en": "Wald's, exact for normal differences whatever the groups' sizes (Searle's where equal)",
        "zh": "Wald 精确法：无论各组大小，正态时精确（等组时即 Searle 法）",
    },
    "jackknife": {
        "en": "by the jackknife over groups, on the logarithm of F",
        "zh": "按组刀切法（对 F 取对数）",
    },
}


_NO_MEAN: Text = {"en": "as estimated, no number of interviews makes their means dependable",
                  "zh": "按估计，再多访问也不能使其均值可靠"}  # fmt: skip


def wanted_column(wanted: float) -> str:
    """The frame's column of a wanted reliability.

    >>> wanted_column(0.7), wanted_column(0.855)
    ('needed_70', 'needed_85.5')
    """
    return f"needed_{round(100 * wanted, 6):g}"


def _part(row: pd.Series) -> str:
    return str(row["scale"] if "scale" in row else row["item"])


def _how_to_read(result: GroupReliability) -> tuple[Text, ...]:
    """What the columns mean, in words."""
    percent = f"{100 * result.level:g}%"
    said: list[Text] = [
        {"en": f"{percent} intervals: {METHODS[result.method]['en']}", "zh": f"{percent} 区间：{METHODS[result.method]['zh']}"},
        {"en": "ICC(1): share of the variance that lies between groups, as estimated, so it may be negative; ICC(2): reliability of "
         "the mean of n0 members, 1 − 1/F, where n0 = (N − Σn²/N)/(groups − 1) stands for unequal sizes; deff: 1 + (Σn²/N − 1) ICC(1)",
         "zh": "ICC(1)：组间方差占比，不截断，故可为负；ICC(2)：n0 名成员均值的信度，即 1 − 1/F，组大小不等时 n0 = (N − Σn²/N)/(组数 − 1)；"
         "设计效应 1 + (Σn²/N − 1) ICC(1)"},
    ]  # fmt: skip
    if result.frame["r_wg"].notna().any():
        said.append({
            "en": "r_wg: agreement within a group against answers at random, all alike likely (James, Demaree and Wolf 1984); too "
            "high where everybody ticks the upper end, and the higher the more items there are: no proof that groups differ",
            "zh": "r_wg：组内一致性，以各选项等可能的随机作答为参照（James、Demaree 与 Wolf 1984）；普遍高分或题项较多时偏高，不能证明组间有差异",
        })  # fmt: skip
    return tuple(said)


# --- the verb --------------------------------------------------------------------------------------------------


def group_reliability(
    responses: Responses,
    *,
    by: str = "store",
    of: Of = "perception",
    level: float = 0.95,
    wanted: Sequence[float] = (0.7, 0.8),
    method: Method | None = None,
) -> GroupReliability:
    """Whether groups such as stores differ, and whether the mean of a group's members may be relied upon.

    For many small groups this takes the place of :func:`~servqual.invariance.invariance`, which groups of 20 cannot answer.

    Parameters
    ----------
    responses : Responses
    by : column of the group (store, department, interviewer)
    of : "perception", "expectation", or "gap" (perception minus expectation of the same respondent)
    level : confidence of the intervals
    wanted : reliabilities of a group's mean to which the interviews needed are told
    method : "jackknife" or "exact" intervals; not given, the jackknife from ten groups on

    Returns
    -------
    GroupReliability
        One row per dimension and one of all items (their mean); ``items()`` has the items.

    Raises
    ------
    SpecError
        If the form was not asked, or gaps are asked for of different people.
    DataError
        If there is a single group, every group has one member, or the column is lacking.

    Notes
    -----
    A score is ``x_gi = m + u_g + e_gi``. With the mean squares of a one-way analysis of variance
    ``ICC(1) = (MSB − MSW)/(MSB + (n0 − 1) MSW)`` is the share of the variance that lies between groups,
    ``ICC(2) = (MSB − MSW)/MSB`` the reliability of a group's mean; it is what Spearman and Brown's formula makes of ICC(1) at
    ``n0 = (N − Σn²/N)/(g − 1)``. A mean of n interviews has ``n ICC(1)/(1 + (n − 1) ICC(1))``.

    How to read it: ICC(1) of .05 to .20 is usual for service outlets. ICC(2) under .70 means that a ranking of groups is in good
    part luck (see :func:`~servqual.stores.store_estimates`, which says so store by store). A high ICC(2) may come from many
    interviews alone; ICC(1) does not depend on their number. ``deff`` is what clusters cost the mean of all.

    **Intervals.** "exact" is Wald's, exact for normal answers whatever the sizes of groups, and Searle's where these are equal. It
    trusts that groups differ normally; "jackknife" does not, and loses little where they do. Simulated with 40 groups of 22, or of 5
    to 60, and an ICC(1) of .20, 95% intervals cover, exact and jackknife: normal answers 95 and 95%, cut to whole numbers from 1 to 7
    95 and 94%, with heavy tails between groups (t with 5 df) 86 and 91%, with a few far better groups (exponential) 77 and 87%. Under ten
    groups the jackknife has too little to go by.

    **Weights** are not used: the question is how alike members of a group are, and each of them says the same about that. Where
    weights differ within groups the note says how many interviews a weighted mean loses.

    **Groups** are taken as drawn from many like them. Differences between their strata count as differences between groups.

    References
    ----------
    Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428, doi:10.1037/0033-2909.86.2.420. Bliese (2000), in Klein and
    Kozlowski, Multilevel Theory, Research, and Methods in Organizations, Jossey-Bass, 349-381. Intervals:
    :func:`~servqual.levels.sums.icc_interval`; agreement: :func:`~servqual.levels.sums.within_agreement`. Agrees with R's psych
    2.2.9 on Shrout and Fleiss' table and with statsmodels' REML for equal groups (tests/test_levels.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> scores = [2, 3, 1, 4, 5, 4, 4, 3, 5, 7, 6, 6]
    >>> data = pd.DataFrame({column: scores for column in instrument.columns("perception").values()})
    >>> data["store"] = [name for name in "ABCD" for _ in range(3)]
    >>> found = group_reliability(Responses(data, instrument))
    >>> row = found.row("all")
    >>> [round(float(row[name]), 3) for name in ("f", "icc1", "icc2", "needed_80")]
    [14.167, 0.814, 0.929, 1.0]
    """
    check_between("level", level, 0, 1)
    targets = _checked(wanted)
    if method is not None:
        check_choice("method", method, Method)
    battery = battery_of(responses, of=of, by=by, taken=(*_TAKEN, *map(wanted_column, targets)))
    return reliability_of(battery, responses, by, level, targets, method)


def _checked(wanted: Sequence[float]) -> tuple[float, ...]:
    targets = tuple(float(each) for each in ((wanted,) if isinstance(wanted, float) else wanted))
    bad = [each for each in targets if not 0 < each < 1]
    if bad or not targets or len(set(targets)) < len(targets):
        raise SpecError(f"wanted={wanted!r}: give reliabilities between 0 and 1, each once, such as (0.7, 0.8).")
    return targets


def reliability_of(
    battery: Battery, responses: Responses, by: str, level: float, wanted: tuple[float, ...], method: Method | None
) -> GroupReliability:
    """The table of a battery that was split by one column."""
    reader = GroupReader.of(battery, by)
    asked = _Asked(level, wanted, method or ("exact" if len(reader.groups) < _FEW_GROUPS else "jackknife"))
    scales, items = [], []
    for each in battery.sets:
        sums = reader.sums(each)
        dropped = reader.rows - int(sums.n.sum())
        if each.id != ALL or len(battery.sets) == 1:  # an item rests on its dimension's base
            found = reader.lines(sums, dropped, np.eye(len(each.places)), asked, single=True)
            items += [{"item": battery.items[place], **line} for place, line in zip(each.places, found, strict=True)]
        whole = np.full((len(each.places), 1), 1 / len(each.places))
        scales.append({"scale": each.id, **reader.lines(sums, dropped, whole, asked, single=False)[0]})
    in_order = sorted(items, key=lambda line: battery.items.index(line["item"]))
    return GroupReliability(
        pd.DataFrame(scales), battery.language, by=by, by_column=responses.column_of(by), of=battery.of, level=level, wanted=wanted, method=asked.method,
        words=battery.words, sizes=reader.sizes, remarks=(*reader.remarks(), *_size_words(pd.DataFrame(scales))),
        cautious=battery.cautious, every_item=pd.DataFrame(in_order),
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """What is computed of each row."""

    level: float
    wanted: tuple[float, ...]
    method: Method

    def interval(self, scores: GroupSums) -> tuple[Array, Array]:
        """(k,) bounds of ICC(1); two groups leave the jackknife nothing."""
        if self.method == "jackknife" and len(scores.n) > 2:
            return jackknife_icc(scores, self.level)
        return icc_interval(scores.n, scores.mean, np.diagonal(scores.split.within), self.level)


# --- from moments to the sums of groups ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class GroupReader:
    """The groups of a battery: their sums, whatever cells the sample design cut them into.

    Attributes
    ----------
    battery : split by one column
    groups : (g,) labels, without that of rows that name none
    count : (g, q, q) sums of products of ``z``, everybody counting once
    rows, unnamed : rows that name a group, and rows that don't
    weighting : design effect of weights within groups, on average over groups; 1 without weights
    """

    battery: Battery
    groups: tuple[Any, ...]
    count: Array
    rows: int
    unnamed: int
    weighting: float

    @classmethod
    def of(cls, battery: Battery, by: str) -> GroupReader:
        """Refuses several columns, a single group, and groups of one."""
        if battery.moments is None or battery.answers is None:
            raise SpecError("groups are told from the responses, not from a matrix.")
        if len(battery.by) != 1:
            raise SpecError(f"by={by!r}: name one column. Make one of several first, such as store and month.")
        code, labels = pd.factorize(pd.Series([label[0] for label in battery.moments.cells["domain"]], dtype=object))
        count = _added(battery.moments.count, code, len(labels))
        named = np.array([label != NOT_STATED for label in labels], dtype=bool)
        sizes = count[:, 0, 0].round()
        cls._check(by, labels[named], sizes[named], battery.answers.side.source.name)
        deff = _weighting(battery.moments, code, len(labels))[named]
        return cls(
            battery,
            tuple(labels[named]),
            count[named],
            int(sizes[named].sum()),
            int(sizes[~named].sum()),
            float(deff.mean()),
        )

    @staticmethod
    def _check(by: str, groups: Any, sizes: Array, name: str) -> None:
        if len(groups) < 2:
            raise DataError(f"{name}: {by!r} has {len(groups)} group. To see whether groups differ takes two or more.")
        if sizes.max() < 2:
            cases = pd.DataFrame({by: list(groups), "n": sizes.astype(int), "problem": "one member"})
            raise DataError(
                f"{name}: each of the {len(groups)} groups of {by!r} has one member, so that groups and members cannot be told "
                "apart. Name the column of the store, not that of the respondent.", cases)  # fmt: skip

    @property
    def sizes(self) -> Array:
        """(g,) rows of each group."""
        return np.asarray(self.count[:, 0, 0])

    def sums(self, chosen: ItemSet) -> GroupSums:
        """n, means and deviations of a set's items among those who answered all of them; groups without any are left out."""
        if self.battery.moments is None or self.battery.answers is None:
            raise SpecError("groups are told from the responses, not from a matrix.")
        score_map, own = self.battery.moments.map, self.battery.answers.places(chosen)
        mask, place = 1 + int(score_map.mask_of_score[own[0]]), 1 + len(score_map.mask_names) + own
        n = self.count[:, mask, mask]
        some = n > 0
        n, total = n[some], self.count[some][:, place, mask]
        gram = self.count[some][:, place[:, None], place]
        mean = total / n[:, None]
        within = gram - total[:, :, None] * mean[:, None, :]
        return GroupSums(n, mean + score_map.score_origin[own], _without_rounding(within, gram))

    def lines(
        self, sums: GroupSums, dropped: int, weights: Array, asked: _Asked, *, single: bool
    ) -> list[dict[str, Any]]:
        """One line for each column of weights; ``single`` where each column is one item."""
        k, columns = len(weights), weights.shape[1]
        base = {"k": 1 if single else k, "n": int(sums.n.sum().round()), "n_dropped": dropped, "groups": len(sums.n)}
        if len(sums.n) < 2 or sums.n.max() < 2:
            return [{**base, **_nothing(asked.wanted, "no complete")} for _ in range(columns)]
        scores = sums.combined(weights)
        agreement = self._agreement(sums, columns, single)
        found = _numbers(scores, asked)
        sizes = {"smallest": int(sums.n.min()), "largest": int(sums.n.max()), "n0": float(scores.split.n0)}
        return [{**base, **sizes, **{name: values[j] for name, values in found.items() if name != "reason"}, **agreement[j],
                 "reason": found["reason"][j]} for j in range(columns)]  # fmt: skip

    def _agreement(self, sums: GroupSums, columns: int, single: bool) -> list[dict[str, float]]:
        """Median r_wg(j) and the share of groups that agree; a difference of two answers has no uniform null."""
        if self.battery.of == "gap" or self.battery.answers is None:
            return [{"r_wg": np.nan, "agreed": np.nan}] * columns
        scale = self.battery.answers.side.instrument.scale
        some = sums.n > 1
        variances = np.diagonal(sums.within, axis1=1, axis2=2)[some] / (sums.n[some, None] - 1)
        parts = [variances[:, [j]] for j in range(columns)] if single else [variances] * columns
        found = [within_agreement(sums.n[some], part, int(scale.high - scale.low) + 1) for part in parts]
        return [{"r_wg": float(np.median(r)), "agreed": float((r >= _AGREED).mean())} for r in found]

    def remarks(self) -> tuple[Text, ...]:
        """Base, and what is done with weights, in words."""
        side = self.battery.answers.side if self.battery.answers else None
        said: list[Text] = [{"en": "each row rests on respondents who answered all items of the scale",
                             "zh": "每行仅计入答完该量表全部题项的受访者"}]  # fmt: skip
        said += [kept_remark(side)] if side is not None else []
        if self.unnamed:
            said.append(
                {
                    "en": f"{self.unnamed:,} rows name no group and are left out",
                    "zh": f"{self.unnamed:,} 行未注明组别，未计入",
                }
            )
        if self.battery.moments is not None and self.battery.moments.weighted:
            said.append(_weight_words(self.weighting))
        return tuple(said)


def _added(stack: Array, code: Array, groups: int) -> Array:
    """(g, …) cells added up by group."""
    out = np.zeros((groups, *stack.shape[1:]))
    np.add.at(out, code, stack)
    return out


def _weighting(moments: Moments, code: Array, groups: int) -> Array:
    """(g,) n Σw²/(Σw)² of each group."""
    n, first, second = (
        _added(stack[:, 0, 0], code, groups) for stack in (moments.count, moments.first, moments.second)
    )
    return np.asarray(n * second / first**2)


def _weight_words(deff: float) -> Text:
    said = {"en": "weights are not used: everybody counts once", "zh": "未使用权数：每人计一次"}
    if deff < _WEIGHTS_MATTER:
        return said
    return {"en": f"{said['en']}; they differ within groups, so that a weighted mean is as reliable as a plain one of {1 / deff:.0%} of "
            "the interviews",
            "zh": f"{said['zh']}；组内权数不等，加权均值的信度相当于 {1 / deff:.0%} 访问量的未加权均值"}  # fmt: skip


def _without_rounding(within: Array, gram: Array) -> Array:
    """Sums of squares that are 0 but for rounding are 0."""
    size = np.diagonal(gram, axis1=1, axis2=2).max(axis=1, initial=1.0)
    return np.where(np.abs(within) < 1e-12 * size[:, None, None], 0.0, within)


# --- from sums to numbers --------------------------------------------------------------------------------------


def _numbers(scores: GroupSums, asked: _Asked) -> dict[str, Any]:
    """(k,) numbers of each column, by name."""
    from scipy.special import fdtrc

    split, n = scores.split, scores.n
    between, within = (np.diagonal(each).copy() for each in (split.between, split.within))
    icc, f = split.icc1, split.f
    low, high = asked.interval(scores)
    heavy = float((n**2).sum() / n.sum())  # size of the group of a respondent, on average
    out: dict[str, Any] = {
        "variance_between": between, "variance_within": within,
        "sd_between": np.sqrt(np.maximum(between, 0)), "sd_within": np.sqrt(within),
        "f": f, "df1": np.full(len(icc), float(split.df1)), "df2": np.full(len(icc), float(split.df2)),
        "p": np.where(np.isfinite(f), fdtrc(split.df1, split.df2, np.nan_to_num(f)), np.nan),
        "icc1": icc, "icc1_low": low, "icc1_high": high,
    }  # fmt: skip
    for end, rho in (("", icc), ("_low", low), ("_high", high)):
        out[f"icc2{end}"] = _of_means(rho, split.n0)
    out |= {
        "icc2_smallest": _of_means(icc, n.min()),
        "icc2_largest": _of_means(icc, n.max()),
        "deff": 1 + (heavy - 1) * icc,
    }
    for each in asked.wanted:
        name = wanted_column(each)
        out |= {
            name: members_needed(icc, each),
            f"{name}_low": members_needed(high, each),
            f"{name}_high": members_needed(low, each),
        }
    return {**out, "reason": _reasons(split, icc, low, high)}


def _of_means(rho: Array, n: float) -> Array:
    """ICC(2); nan where ICC(1) is so far below 0 that groups of n cannot have it."""
    possible = 1 + (n - 1) * rho > 1e-12
    return np.where(possible, mean_reliability(np.where(possible, rho, 0.0), n), np.nan)


def _reasons(split: Split, icc: Array, low: Array, high: Array) -> list[str]:
    total, within = np.diagonal(split.ss_between + split.ss_within), np.diagonal(split.within)
    return [_reason(*each) for each in zip(total, within, icc, low, high, strict=True)]


def _reason(total: float, within: float, icc: float, low: float, high: float) -> str:
    if within <= 0:
        return "no within" if total > 0 else "constant"
    if icc <= 0:
        return "negative"
    if np.isnan(low):
        return "unstable"
    return "" if low <= icc <= high else "uneven"


def _nothing(wanted: Sequence[float], reason: str) -> dict[str, Any]:
    """The numbers of a row that has none."""
    names = [
        *("smallest", "largest", "n0", "variance_between", "variance_within", "sd_between", "sd_within", "f", "df1", "df2", "p"),
        *("icc1", "icc1_low", "icc1_high", "icc2", "icc2_low", "icc2_high", "icc2_smallest", "icc2_largest", "deff"),
        *(f"{wanted_column(each)}{end}" for each in wanted for end in ("", "_low", "_high")),
        *("r_wg", "agreed"),
    ]  # fmt: skip
    return {**dict.fromkeys(names, np.nan), "reason": reason}


def _size_words(scales: pd.DataFrame) -> tuple[Text, ...]:
    """Least and greatest group, and that few groups tell little."""
    if scales["smallest"].isna().all():
        return ()
    low, high, groups = int(scales["smallest"].min()), int(scales["largest"].max()), int(scales["groups"].max())
    last = scales.iloc[-1]
    worst, best = (Column(name, {}, "number").show(last[name], "en") for name in ("icc2_smallest", "icc2_largest"))
    said: list[Text] = [{"en": f"{groups} groups of {low}–{high} respondents" if low < high else f"{groups} groups of {low} respondents each",
                         "zh": f"{groups} 个组，每组 {low}–{high} 人" if low < high else f"{groups} 个组，每组 {low} 人"}]  # fmt: skip
    if last["icc1"] > 0 and low < high:
        said.append({"en": f"reliability of the mean of the smallest group {worst}, of the largest {best}",
                     "zh": f"最小组均值的信度 {worst}，最大组 {best}"})  # fmt: skip
    if groups < _FEW_GROUPS:
        said.append({"en": f"{groups} groups tell little of how groups differ: read the intervals, not the estimates",
                     "zh": f"仅 {groups} 个组，难以说明组间差异，请看区间而非点估计"})  # fmt: skip
    return tuple(said)
