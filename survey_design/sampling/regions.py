"""Which regions? Grouped by economy, level of service and consumer behaviour, then chosen so that every group is there.

Three criteria decide where a study goes: how much regions differ in economy, in the service they offer, and in how
their customers behave. Each counts the same, however many columns describe it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_choice, check_columns, raise_faults
from survey_design.results import Column, Result, Text, is_missing, say
from survey_design.sampling.allocation import allocate
from survey_design.sampling.design import SampleDesign
from survey_design.sampling.selection import draw, stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Choice = Literal["pps", "srs", "representative"]

CRITERION_WORDS: Mapping[str, Text] = {
    "economic": {"en": "economic difference", "zh": "经济差异"},
    "service": {"en": "level of service", "zh": "服务水平"},
    "behaviour": {"en": "consumer behaviour", "zh": "消费行为"},
}
CHOICE_WORDS: Mapping[str, Text] = {
    "pps": {"en": "drawn in each group with probability proportional to size", "zh": "各组内按规模成比例概率抽取"},
    "srs": {"en": "drawn at random in each group", "zh": "各组内简单随机抽取"},
    "representative": {
        "en": "chosen on purpose, so that together they resemble all regions; no chance was involved, so "
        "nothing but judgement carries results over to the other regions",
        "zh": "按代表性主观选取，使入选区域整体上接近全部区域；选取过程不含随机性，向其他区域的推论只能依据判断",
    },
}  # fmt: skip
_ON_PURPOSE: Text = {"en": "chosen on purpose, not by chance", "zh": "主观选取，无入样概率"}
_MOST_REGIONS = 5_000
_CELLS = 1 << 20  # exchanges tried at a time, times variables
_STARTS = 20  # sets from which a representative one is sought
_WEAK = 0.25  # mean silhouette up to which Kaufman and Rousseeuw see no substantial structure
_TAKEN = ("group", "size", "silhouette", "distance", "inclusion_probability", "weight", "reason")
_LABELS: Mapping[str, tuple[Text, str, int]] = {
    "group": ({"en": "group", "zh": "组"}, "text", 0),
    "size": ({"en": "size", "zh": "规模"}, "count", 0),
    "silhouette": ({"en": "silhouette", "zh": "轮廓系数"}, "number", 2),
    "distance": ({"en": "distance from centre", "zh": "距组中心"}, "number", 2),
    "inclusion_probability": ({"en": "inclusion probability", "zh": "入样概率"}, "number", 3),
    "weight": ({"en": "weight", "zh": "权数"}, "number", 2),
    "reason": ({"en": "reason", "zh": "原因"}, "text", 0),
    "regions": ({"en": "regions", "zh": "区域数"}, "count", 0),
    "size_share": ({"en": "share of size", "zh": "占规模"}, "share", 0),
    "criterion": ({"en": "criterion", "zh": "标准"}, "text", 0),
    "variable": ({"en": "variable", "zh": "变量"}, "text", 0),
    "all": ({"en": "all regions", "zh": "全部区域"}, "number", 2),
    "chosen": ({"en": "chosen", "zh": "入选区域"}, "number", 2),
    "weighted": ({"en": "chosen, weighted", "zh": "入选区域（加权）"}, "number", 2),
    "difference": ({"en": "difference in sd", "zh": "标准化差异"}, "signed", 2),
    "weighted_difference": ({"en": "weighted difference in sd", "zh": "标准化差异（加权）"}, "signed", 2),
    "range_covered": ({"en": "range covered", "zh": "覆盖的取值范围"}, "share", 0),
}


@dataclass(frozen=True, eq=False, repr=False)
class RegionGroups(Result):
    """Regions in groups of their like: one line per region.

    Frame columns: the region, ``group``, ``size`` where one was named, ``silhouette`` (near 1: at home in its group,
    below 0: nearer to another one) and ``distance`` from the group's centre.

    Attributes
    ----------
    by : column that names a region
    criteria : columns of each criterion
    values : DataFrame, (regions, variables) as they were given
    tried : DataFrame ``groups, silhouette``: mean silhouette of each number of groups looked at; empty where none was
    sought given : column of the strata where they were given, else None
    """

    by: str = "region"
    criteria: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: pd.DataFrame = field(default_factory=pd.DataFrame)
    tried: pd.DataFrame = field(default_factory=pd.DataFrame)
    given: str | None = None

    @property
    def groups(self) -> list[Any]:
        """The groups, the largest first where they were found, else in the order of the regions' names."""
        names = list(dict.fromkeys(self.frame["group"]))
        return names if self.given else sorted(names)

    @property
    def silhouette(self) -> float:
        """Mean silhouette of all regions."""
        return float(self.frame["silhouette"].mean())

    @property
    def size(self) -> Array:
        """(regions,) sizes; 1 each where none was named."""
        return self.frame["size"].to_numpy(float) if "size" in self.frame else np.ones(len(self.frame))

    def profile(self) -> GroupProfile:
        """What the groups are like: number of regions, share of size, mean of each variable."""
        size = pd.Series(self.size / self.size.sum())
        group = self.frame["group"].reset_index(drop=True)
        means = self.values.reset_index(drop=True).groupby(group).mean().loc[self.groups]
        table = pd.DataFrame({"group": self.groups, "regions": group.value_counts().loc[self.groups].to_numpy(),
                              "size_share": size.groupby(group).sum().loc[self.groups].to_numpy()})  # fmt: skip
        return GroupProfile(pd.concat([table, means.reset_index(drop=True)], axis=1), self.language)

    def title(self) -> str:
        k, g = len(self.frame), len(self.groups)
        return f"{k} 个区域分为 {g} 组" if self.language == "zh" else f"{k} regions in {g} groups"

    def columns(self) -> tuple[Column, ...]:
        return (Column(self.by, {"en": self.by}), *(_column(name) for name in self.frame.columns if name != self.by))

    def note(self) -> str:
        zh = self.language == "zh"
        parts = [self._how(), self._structure(), self._criteria_words()]
        said = [part for part in parts if part]
        return "".join(f"{part}。" for part in said) if zh else " ".join(f"{part}." for part in said)

    def _how(self) -> str:
        zh = self.language == "zh"
        if self.given:
            return f"分组取自 {self.given} 列" if zh else f"Groups as given in {self.given}"
        how = "按 Ward 法聚类" if zh else "Groups after Ward"
        if self.tried.empty:
            return f"{how}，组数为指定" if zh else f"{how}, their number as asked for"
        low, high = self.tried["groups"].min(), self.tried["groups"].max()
        return (f"{how}，在 {low} 至 {high} 组中取平均轮廓系数最大的组数" if zh else
                f"{how}; of {low} to {high} groups the number with the largest mean silhouette")  # fmt: skip

    def _structure(self) -> str:
        zh, weak = self.language == "zh", self.silhouette <= _WEAK
        mean = f"平均轮廓系数 {self.silhouette:.2f}" if zh else f"Mean silhouette {self.silhouette:.2f}"
        if len(self.groups) < 2:
            return ""
        if not weak:
            return mean
        return (
            f"{mean}：组间界限不明显，分组仅作分层之用"
            if zh
            else f"{mean}: no clear groups, these serve as strata only"
        )

    def _criteria_words(self) -> str:
        zh = self.language == "zh"
        between = "、" if zh else ", "
        named = [
            (criterion_label(name, self.language), between.join(columns)) for name, columns in self.criteria.items()
        ]
        joined = between.join(f"{label}（{columns}）" if zh else f"{label} ({columns})" for label, columns in named)
        return f"各标准权重相同：{joined}" if zh else f"Each criterion counts the same: {joined}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Regions on the two axes along which they differ most, groups by shape and colour."""
        from survey_design.plots.regions import draw_groups

        return draw_groups(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class GroupProfile(Result):
    """What each group of regions is like: one line per group, ``regions, size_share`` and the mean of each variable."""

    def title(self) -> str:
        return "各组概况" if self.language == "zh" else "What the groups are like"

    def columns(self) -> tuple[Column, ...]:
        known = {"group", "regions", "size_share"}
        return tuple(
            _column(name) if name in known else Column(name, {"en": name}, "number") for name in self.frame.columns
        )

    def note(self) -> str:
        return (
            "各变量为组内区域的简单平均。"
            if self.language == "zh"
            else "Variables are plain means over the group's regions."
        )


@dataclass(frozen=True, eq=False, repr=False)
class ChosenRegions(Result):
    """The regions chosen: one line each, with what is needed to carry results over to all.

    Frame columns: the region, ``group``, ``size``, ``inclusion_probability`` (empty with a ``reason`` where no chance
    was involved), ``weight``, and the columns that ``design`` names.

    Attributes
    ----------
    method : how they were chosen
    design : SampleDesign that names the frame's columns; regions are its clusters, groups its strata
    groups : RegionGroups that they were chosen from
    balances : DataFrame, see :meth:`balance`
    score : root mean square of the weighted differences in sd, each criterion counting the same; 0: chosen like all
    percentile : share of random choices of as many regions whose score is no better
    comparisons : how many random choices that was compared with
    covered : share of the size of all regions that lies in those chosen
    """

    method: Choice = "pps"
    design: SampleDesign = field(default_factory=SampleDesign)
    groups: RegionGroups = field(default_factory=lambda: RegionGroups(pd.DataFrame()))
    balances: pd.DataFrame = field(default_factory=pd.DataFrame)
    score: float = float("nan")
    percentile: float = float("nan")
    comparisons: int = 0
    covered: float = float("nan")
    seed: int = 0

    def balance(self) -> RegionBalance:
        """Every variable: chosen beside all, plain and weighted, and the part of its range that is covered."""
        return RegionBalance(self.balances, self.language, self.sentence(), self.in_language("zh").sentence())

    def title(self) -> str:
        n, k = len(self.frame), len(self.groups.frame)
        return f"从 {k} 个区域中选取 {n} 个" if self.language == "zh" else f"{n} of {k} regions"

    def columns(self) -> tuple[Column, ...]:
        shown = [name for name in ("group", "size", "inclusion_probability", "weight", "reason") if name in self.frame]
        if not self.frame["reason"].astype(bool).any():
            shown.remove("reason")
        return (Column(self.groups.by, {"en": self.groups.by}), *(_column(name) for name in shown))

    def note(self) -> str:
        how = say(CHOICE_WORDS[self.method], self.language)
        if self.language == "zh":
            return f"{how}，每组至少一个（种子 {self.seed}）。{self.sentence()}"
        return f"{how[0].upper()}{how[1:]}; at least one from each group (seed {self.seed}). {self.sentence()}"

    def sentence(self) -> str:
        """How many, how much of the whole they hold, and how well they stand for it."""
        n, k, g = len(self.frame), len(self.groups.frame), len(self.groups.groups)
        held = f"{100 * self.covered:.0f}%"
        if self.language == "zh":
            of = "总规模" if "size" in self.groups.frame else "全部区域"
            return (f"从 {k} 个区域（{g} 组）中选取 {n} 个，占{of}的 {held}；与全部区域的加权差异平均为 {self.score:.2f} 个标准差，"
                    f"{self._compared()}。")  # fmt: skip
        of = "the total size" if "size" in self.groups.frame else "all regions"
        return (f"{n} of {k} regions, from {g} groups, hold {held} of {of}; weighted, they differ from all by "
                f"{self.score:.2f} sd on average, {self._compared()}.")  # fmt: skip

    def _compared(self) -> str:
        """The score beside those of random choices; "100%" is never said, rounded, while one of them is better."""
        n, tried = len(self.frame), f"{self.comparisons:,}"
        if self.percentile == 1:
            return (f"{tried} 次同数量随机选取无一更接近" if self.language == "zh" else
                    f"and none of {tried} random choices of {n} came nearer")  # fmt: skip
        share = f"{min(100 * self.percentile, 99.9):.{0 if self.percentile < 0.995 else 1}f}%"
        return (f"不逊于 {share} 的同数量随机选取（共 {tried} 次）" if self.language == "zh" else
                f"no worse than {share} of {tried} random choices of {n}")  # fmt: skip

    def plot(self, ax: Axes | None = None) -> Axes:
        """Regions on the two axes along which they differ most; those chosen are filled and named."""
        from survey_design.plots.regions import draw_chosen

        return draw_chosen(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class RegionBalance(Result):
    """Do the chosen regions stand for all? One line per variable.

    Frame columns: ``criterion, variable``; ``all``: mean over all regions, weighted by size; ``chosen``, ``weighted``:
    plain and weighted mean of those chosen; ``difference, weighted_difference``: the same minus ``all``, in standard
    deviations between regions; ``range_covered``: distance between the smallest and the largest value chosen, as a
    share of that of all.
    """

    en: str = ""
    zh: str = ""

    def title(self) -> str:
        return "入选区域的代表性" if self.language == "zh" else "How well the chosen regions stand for all"

    def columns(self) -> tuple[Column, ...]:
        return tuple(_column(name) for name in self.frame.columns)

    def note(self) -> str:
        if self.language == "zh":
            return f"{self.zh}标准化差异以区域间标准差为单位，绝对值在 0.1 以内通常视为均衡。"
        return (
            f"{self.en} Differences are in standard deviations between regions; up to 0.1 is usually called balanced."
        )


def group_regions(
    regions: pd.DataFrame,
    criteria: Mapping[str, str | Sequence[str]],
    *,
    by: str = "region",
    size: str | None = None,
    groups: int | str | None = None,
    most: int = 8,
) -> RegionGroups:
    """Put regions into groups of their like, so that a sample can be drawn from each.

    Parameters
    ----------
    regions : DataFrame, one row per region; they are sorted by name, so that the order of the rows changes nothing, neither
        here nor in the draw
    criteria : mapping from criterion to its column or columns of numbers
        ``{"economic": ["income"], "service": ["wait", "score"], "behaviour": ["online_share"]}``; other names serve
        too.
    by : column that names a region
    size : column with its size (customers, inhabitants): who counts, and how much
    groups : int or column, optional
        How many groups; or the column that holds strata already decided on (area type). Without it the number is found.
    most : largest number of groups looked at

    Returns
    -------
    RegionGroups
        ``.profile()`` says what the groups are like.

    Notes
    -----
    Each column is brought to mean 0 and standard deviation 1, and divided by the square roots of the number of columns
    of its criterion and of the number of criteria: all criteria then contribute the same to squared distances. Groups
    are merged after Ward (least growth of the squares within groups). The number of groups is the one of 2, …, ``most``
    with the largest mean silhouette (of equal ones the smaller). Silhouette of a region: ``(b - a) / max(a, b)``, a its
    mean distance to its own group, b that to the nearest other one; 0 where it is alone. Up to a mean of 0.25 there are
    no groups to speak of (Kaufman and Rousseeuw); the result says so, and still serves as strata. Groups are numbered
    by their number of regions, the largest first.

    Raises
    ------
    DataError
        Regions without a name or named twice, cells without a number, columns that are the same everywhere; all of
        them are in ``.cases``.

    References
    ----------
    Ward (1963), J. Am. Stat. Assoc. 58, 236-244, doi:10.1080/01621459.1963.10500845. Rousseeuw (1987), J. Comput. Appl.
    Math. 20, 53-65, doi:10.1016/0377-0427(87)90125-7. Kaufman and Rousseeuw (1990), Finding Groups in Data, Wiley.
    Checked against scikit-learn's Ward and silhouettes (tests/test_regions.py).

    Examples
    --------
    >>> import pandas as pd
    >>> regions = pd.DataFrame(
    ...     {
    ...         "region": list("ABCDEF"),
    ...         "income": [9.0, 8.5, 8.8, 3.1, 2.9, 3.3],
    ...         "wait": [4.0, 5.0, 4.5, 9.0, 9.5, 8.0],
    ...         "online": [60, 55, 58, 20, 25, 22],
    ...     }
    ... )
    >>> found = group_regions(regions, {"economic": "income", "service": "wait", "behaviour": "online"})
    >>> found.frame["group"].tolist(), round(found.silhouette, 2)
    ([1, 1, 1, 2, 2, 2], 0.87)
    """
    named = {name: (columns,) if isinstance(columns, str) else tuple(columns) for name, columns in criteria.items()}
    values = _read_regions(regions, named, by, size, groups if isinstance(groups, str) else None)
    order = np.argsort(regions[by].astype(str).to_numpy(str), kind="stable")
    regions, values = regions.iloc[order], values.iloc[order].reset_index(drop=True)
    z = criterion_scores(values.to_numpy(float), [len(columns) for columns in named.values()])
    distance, tried = _distances(z), pd.DataFrame(columns=["groups", "silhouette"])
    if isinstance(groups, str):
        group, given = regions[groups].to_numpy(), groups
    else:
        (label, tried), given = _ward_groups(z, distance, groups, most), None
        group = _numbered(label)
    frame = pd.DataFrame({by: regions[by].to_numpy(), "group": group})
    if size:
        frame["size"] = regions[size].to_numpy(float)
    codes = pd.factorize(group)[0]
    frame = frame.assign(silhouette=silhouettes(distance, codes), distance=_from_centre(z, codes))
    return RegionGroups(frame, "en", by, named, values, tried, given)


def choose_regions(
    groups: RegionGroups, n: int, *, method: Choice = "pps", minimum: int = 1, comparisons: int = 2_000, seed: int
) -> ChosenRegions:
    """Choose ``n`` regions, from every group, and say how well they stand for all.

    Parameters
    ----------
    groups : RegionGroups, from :func:`group_regions`
    n : regions in all, at least one per group
    method : {"pps", "srs", "representative"}
        "pps": by chance, in proportion to size, as fits a fixed number of interviews per region. "srs": by chance, each
        region of a group alike. "representative": the set that resembles all regions most, as far as exchanges find it;
        no inclusion probabilities, and no margin of error that a design could justify.
    minimum : least number from each group, as far as it has so many
    comparisons : random choices that the score is compared with
    seed : of the draw, the search and the comparison

    Returns
    -------
    ChosenRegions
        ``.balance()`` compares chosen and all, variable by variable; ``.design`` goes to the analysis.

    Notes
    -----
    n is shared out by :func:`~survey_design.sampling.allocation.allocate`, in proportion to the groups' sizes ("srs":
    to their numbers of regions). The weight is 1/π; "representative" weights a region by its group's size over the size
    chosen there. With x the size (1 without), the weighted mean is ``sum w x y / sum w x``; all regions have ``sum x y
    / sum x``.

    "representative" exchanges regions within groups as long as the score falls, from the regions nearest to their
    groups' centres and from 19 random beginnings, and keeps the best set. That is not always the best there is.

    The score is the root of the mean of squared weighted differences, in standard deviations between regions, over the
    columns of a criterion and then over criteria. ``percentile`` is the share of simple random choices of n regions,
    groups ignored, mean weighted by size, that score no better: a number to judge the score by. Not for choosing
    the seed: whoever draws until the score pleases has no inclusion probabilities any more; take "representative" then.

    References
    ----------
    Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, Springer. Balance up to 0.1: Austin (2009),
    Stat. Med. 28, 3083-3107, doi:10.1002/sim.3697. Checked by hand, against all sets of small cases, and by 300 draws
    (tests/test_regions.py).

    Examples
    --------
    >>> import pandas as pd
    >>> regions = pd.DataFrame({"region": list("ABCDEF"), "income": [9.0, 8.5, 8.8, 3.1, 2.9, 3.3],
    ...                         "wait": [4.0, 5.0, 4.5, 9.0, 9.5, 8.0], "customers": [900, 500, 600, 200, 300, 100]})  # fmt: skip
    >>> found = group_regions(regions, {"economic": "income", "service": "wait"}, size="customers")
    >>> chosen = choose_regions(found, 3, method="representative", seed=1)
    >>> chosen.frame["region"].tolist()
    ['B', 'C', 'F']
    """
    check_choice("method", method, Choice)
    _check_count(groups, n, method, minimum, comparisons)
    numbers = _numbers(groups, int(n), method, minimum)
    away = _away(groups)
    if method == "representative":
        frame, design = _on_purpose(groups, numbers, away, seed)
    else:
        frame, design = _by_chance(groups, numbers, method, seed)
    places = pd.Index(groups.frame[groups.by]).get_indexer(frame[groups.by])
    share = groups.size[places] * frame["weight"].to_numpy(float)
    balances = _balances(groups, places, share / share.sum())
    score = float(np.linalg.norm(share / share.sum() @ away[places]))
    random = random_scores(away, groups.size, len(places), comparisons, stream(seed, "comparison"))
    percentile = float((random >= score - 1e-12).mean())
    covered = float(groups.size[places].sum() / groups.size.sum())
    return ChosenRegions(frame, "en", method, design, groups, balances, score, percentile, comparisons, covered, seed)


# Numbers on arrays


def criterion_scores(values: Array, counts: Sequence[int]) -> Array:
    """(regions, variables) standardised, so that every criterion contributes the same to squared distances.

    Parameters
    ----------
    values : (regions, variables), the columns of the first criterion first
    counts : number of columns of each criterion

    >>> import numpy as np
    >>> scores = criterion_scores(np.array([[1.0, 10.0, 5.0], [2.0, 30.0, 7.0], [3.0, 20.0, 6.0]]), [2, 1])
    >>> (scores**2).sum(axis=0).round(3).tolist()
    [0.5, 0.5, 1.0]
    """
    z = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
    return np.asarray(z / np.sqrt(np.repeat(counts, counts) * len(counts)))


def silhouettes(distance: Array, codes: Array) -> Array:
    """(regions,) Rousseeuw's silhouette ``(b - a) / max(a, b)``; 0 for a region alone in its group, or with one group
    only.

    Parameters
    ----------
    distance : (regions, regions), codes : (regions,) number of the group, from 0 on

    >>> import numpy as np
    >>> points = np.array([0.0, 1.0, 5.0, 7.0])
    >>> silhouettes(np.abs(points[:, None] - points), np.array([0, 0, 1, 1])).round(3).tolist()
    [0.833, 0.8, 0.556, 0.692]
    """
    member = np.eye(int(codes.max()) + 1)[codes]
    count = member.sum(axis=0)
    if len(count) < 2:
        return np.zeros(len(codes))
    total = distance @ member
    rows, alone = np.arange(len(codes)), count[codes] == 1
    own = total[rows, codes] / np.where(alone, 1, count[codes] - 1)
    other = total / count
    other[rows, codes] = np.inf
    nearest = other.min(axis=1)
    wide = np.maximum(own, nearest)
    return np.where(alone | (wide == 0), 0.0, (nearest - own) / np.where(wide == 0, 1.0, wide))


def random_scores(away: Array, size: Array, n: int, times: int, generator: np.random.Generator) -> Array:
    """(times,) scores of simple random choices of n regions, their means weighted by size.

    Parameters
    ----------
    away : (regions, variables) distance of each region from the mean of all, in the units of the score
    """
    found = np.empty(times)
    for k in range(times):
        places = generator.choice(len(size), n, replace=False, shuffle=False)
        found[k] = np.linalg.norm(size[places] / size[places].sum() @ away[places])
    return found


def exchange(away: Array, size: Array, codes: Array, chosen: Array) -> Array:
    """(n,) places of a set whose weighted mean is near that of all: no exchange within a group brings it nearer.

    Parameters
    ----------
    away : (regions, variables) distance of each region from the mean of all
    size, codes : (regions,) size, and number of the group
    chosen : (n,) places to begin with

    Notes
    -----
    A group has the weight of its size; within it regions count by size. Each round makes the best exchange of all.
    """
    inside = np.zeros(len(size), dtype=bool)
    inside[chosen] = True
    weight = np.bincount(codes, size) / size.sum()
    while True:
        sums = np.array([size[inside & (codes == g)] @ away[inside & (codes == g)] for g in range(len(weight))])
        sizes = np.bincount(codes[inside], size[inside], len(weight))
        means = weight[:, None] * sums / sizes[:, None]
        best = (float(np.linalg.norm(means.sum(axis=0))) * (1 - 1e-9) - 1e-12, -1, -1)
        for g in range(len(weight)):
            out, into = np.flatnonzero(inside & (codes == g)), np.flatnonzero(~inside & (codes == g))
            if len(into):
                own, others = (sums[g], sizes[g], weight[g]), means.sum(axis=0) - means[g]
                best = min(best, _best_exchange(away, size, out, into, own, others))
        if best[1] < 0:
            return np.flatnonzero(inside)
        inside[best[1]], inside[best[2]] = False, True


def _best_exchange(
    away: Array, size: Array, out: Array, into: Array, own: tuple[Array, float, float], others: Array
) -> tuple[float, int, int]:
    """The score after the best exchange within a group, who leaves, and who comes."""
    sums, sizes, weight = own
    moved = size[:, None] * away
    left, rest = sums - moved[out], sizes - size[out]
    best, step = (np.inf, -1, -1), 1 + _CELLS // (len(out) * away.shape[1])
    for start in range(0, len(into), step):
        part = into[start : start + step]
        means = weight * (left + moved[part][:, None]) / (rest + size[part][:, None])[:, :, None]
        scores = np.linalg.norm(others + means, axis=2)
        comes, leaves = np.unravel_index(int(scores.argmin()), scores.shape)
        best = min(best, (float(scores[comes, leaves]), int(out[leaves]), int(part[comes])))
    return best


def _distances(scores: Array) -> Array:
    from scipy.spatial.distance import pdist, squareform

    return np.asarray(squareform(pdist(scores)))


def _ward_groups(scores: Array, distance: Array, groups: int | None, most: int) -> tuple[Array, pd.DataFrame]:
    """(regions,) codes of the groups, and the mean silhouette of each number of groups looked at."""
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(scores, method="ward") if len(scores) > 1 else None

    def cut(k: int) -> Array:
        return np.zeros(len(scores), dtype=int) if tree is None else fcluster(tree, k, criterion="maxclust") - 1

    if groups is not None:
        if not isinstance(groups, Integral) or isinstance(groups, bool) or not 1 <= groups <= len(scores):
            raise SpecError(f"groups={groups!r} must be a whole number from 1 to {len(scores)}, or name a column.")
        return cut(int(groups)), pd.DataFrame(columns=["groups", "silhouette"])
    if len(scores) < 4 or not isinstance(most, Integral) or most < 2:
        raise SpecError(f"the number of groups can be found among at least 4 regions and with most >= 2; "
                        f"here are {len(scores)} and most={most!r}. Pass groups=1, another number, or a column of strata.")  # fmt: skip
    numbers = range(2, min(int(most), len(scores) - 1) + 1)
    tried = pd.DataFrame({"groups": numbers, "silhouette": [silhouettes(distance, cut(k)).mean() for k in numbers]})
    best = tried["groups"][int((tried["silhouette"] >= tried["silhouette"].max() - 1e-12).argmax())]
    return cut(int(best)), tried


def _numbered(codes: Array) -> Array:
    """(regions,) groups from 1 on, the one with most regions first, of equal ones that of the first region."""
    found, first, count = np.unique(codes, return_index=True, return_counts=True)
    order = found[np.lexsort((first, -count))]
    rank = np.empty(len(found), dtype=int)
    rank[np.searchsorted(found, order)] = np.arange(1, len(found) + 1)
    return rank[np.searchsorted(found, codes)]


def _from_centre(scores: Array, codes: Array) -> Array:
    """(regions,) distance from the centre of the own group."""
    member = np.eye(int(codes.max()) + 1)[codes]
    centres = member.T @ scores / member.sum(axis=0)[:, None]
    return np.linalg.norm(scores - centres[codes], axis=1)


# Choosing


def _numbers(groups: RegionGroups, n: int, method: Choice, minimum: int) -> dict[Any, int]:
    """How many regions of each group."""
    group = groups.frame["group"].reset_index(drop=True)
    counts = group.value_counts().loc[groups.groups].to_numpy()
    size = counts if method == "srs" else pd.Series(groups.size).groupby(group).sum().loc[groups.groups].to_numpy()
    table = pd.DataFrame({"stratum": groups.groups, "size": size, "regions": counts})
    table["least"] = np.minimum(minimum, counts)
    return allocate(table, n, minimum="least", maximum="regions", capped=False).to_dict()


def _by_chance(
    groups: RegionGroups, numbers: Mapping[Any, int], method: Choice, seed: int
) -> tuple[pd.DataFrame, SampleDesign]:
    kept = [name for name in (groups.by, "group", "size") if name in groups.frame]
    design = SampleDesign(strata="group", clusters=groups.by)
    if method == "pps":
        sample = draw(groups.frame[kept], design, numbers, method="pps", size="size", shuffle=True, seed=seed)
    else:
        sample = draw(groups.frame[kept], design, numbers, method="srs", seed=seed)
    return sample.frame.reset_index(drop=True).assign(reason=""), sample.design


def _on_purpose(
    groups: RegionGroups, numbers: Mapping[Any, int], away: Array, seed: int
) -> tuple[pd.DataFrame, SampleDesign]:
    """The best set found by exchange, from the regions nearest to their groups' centres and from random beginnings."""
    codes, size = pd.Index(groups.groups).get_indexer(groups.frame["group"]), groups.size
    generator = stream(seed, "representative")
    orders = [np.argsort(groups.frame["distance"].to_numpy(), kind="stable")]
    orders += [generator.permutation(len(codes)) for _ in range(_STARTS - 1)]
    wanted = list(enumerate(numbers.values()))
    starts = [np.concatenate([order[codes[order] == g][:n] for g, n in wanted]) for order in orders]
    found = [exchange(away, size, codes, start) for start in starts]
    chosen = min(found, key=lambda places: _group_score(away, size, codes, places))
    weight = (np.bincount(codes, size) / np.bincount(codes[chosen], size[chosen], len(wanted)))[codes[chosen]]
    kept = [name for name in (groups.by, "group", "size") if name in groups.frame]
    frame = groups.frame[kept].iloc[chosen].reset_index(drop=True)
    frame = frame.assign(inclusion_probability=np.nan, weight=weight, reason=_ON_PURPOSE["en"])
    return frame, SampleDesign(strata="group", clusters=groups.by, weight="weight", selection="quota")


def _group_score(away: Array, size: Array, codes: Array, chosen: Array) -> float:
    """The score of a set in which each group has the weight of its size; rounded, so that ties go to the first."""
    whole, taken = np.bincount(codes, size), np.bincount(codes[chosen], size[chosen], codes.max() + 1)
    share = size[chosen] * (whole / taken)[codes[chosen]] / size.sum()
    return round(float(np.linalg.norm(share @ away[chosen])), 12)


def _away(groups: RegionGroups) -> Array:
    """(regions, variables) distance from the mean of all, weighted by size, in the units of the score."""
    scores = criterion_scores(groups.values.to_numpy(float), [len(columns) for columns in groups.criteria.values()])
    return np.asarray(scores - groups.size / groups.size.sum() @ scores)


def _balances(groups: RegionGroups, places: Array, share: Array) -> pd.DataFrame:
    """One line per variable: chosen beside all."""
    values = groups.values.to_numpy(float)
    whole, sd = groups.size / groups.size.sum() @ values, values.std(axis=0, ddof=1)
    plain, weighted = values[places].mean(axis=0), share @ values[places]
    return pd.DataFrame({
        "criterion": [name for name, columns in groups.criteria.items() for _ in columns],
        "variable": [column for columns in groups.criteria.values() for column in columns],
        "all": whole, "chosen": plain, "weighted": weighted, "difference": (plain - whole) / sd,
        "weighted_difference": (weighted - whole) / sd,
        "range_covered": np.ptp(values[places], axis=0) / np.ptp(values, axis=0),
    })  # fmt: skip


# Reading the regions


def _read_regions(
    regions: pd.DataFrame, criteria: Mapping[str, tuple[str, ...]], by: str, size: str | None, strata: str | None
) -> pd.DataFrame:
    """(regions, variables), checked: everything that can't be used is named at once."""
    variables = [column for columns in criteria.values() for column in columns]
    if not variables or not all(criteria.values()):
        raise SpecError("every criterion needs a column: {'economic': ['income'], 'service': ['wait'], …}.")
    named = [by, *variables, *([size] if size else [])]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise SpecError(
            f"{', '.join(twice)}: used twice. A column names the region, or its size, or serves one criterion."
        )
    if by in _TAKEN:
        raise SpecError(f"{by}: the table of groups has a column of that name. Rename it in the data.")
    check_columns([*named, *([strata] if strata else [])], regions.columns, "the regions")
    if not 1 <= len(regions) <= _MOST_REGIONS:
        raise DataError(f"{len(regions):,} regions: between 1 and {_MOST_REGIONS:,} can be grouped.")
    faults = _name_faults(regions, by)
    labels = regions[by].astype(str).tolist()
    for column in [*variables, *([size] if size else [])]:
        faults += _cell_faults(regions[column], labels, positive=column == size)
    for k in np.flatnonzero(regions[strata].isna()) if strata else ():
        faults.append(_fault(int(k), labels[int(k)], str(strata), None, "missing"))
    raise_faults(faults, "the regions")
    values = regions[variables].astype(float).reset_index(drop=True)
    same = [name for name in variables if values[name].nunique() == 1]
    raise_faults([_fault(0, labels[0], name, values[name][0], "the same in all regions, so it can't tell them apart")
                  for name in same], "the regions")  # fmt: skip
    return values


def _name_faults(regions: pd.DataFrame, by: str) -> list[dict[str, Any]]:
    names = regions[by]
    faults = [_fault(int(k), "", by, None, "no name") for k in np.flatnonzero(names.isna())]
    twice = np.flatnonzero(names.duplicated(keep=False) & names.notna())
    return faults + [_fault(int(k), str(names.iloc[k]), by, names.iloc[k], "named twice") for k in twice]


def _cell_faults(cells: pd.Series, labels: Sequence[str], positive: bool) -> list[dict[str, Any]]:
    faults = []
    values = pd.to_numeric(cells, errors="coerce").to_numpy(float, na_value=np.nan)
    for k, (cell, value) in enumerate(zip(cells, values, strict=True)):
        if not np.isfinite(value):
            faults.append(
                _fault(k, labels[k], str(cells.name), cell, "missing" if is_missing(cell) else "not a number")
            )
        elif positive and value <= 0:
            faults.append(_fault(k, labels[k], str(cells.name), cell, "zero" if value == 0 else "negative"))
    return faults


def _fault(k: int, label: str, column: str, value: Any, problem: str) -> dict[str, Any]:
    return {"region": label, "row": k + 2, "column": column, "value": value, "problem": problem}


def _check_count(groups: RegionGroups, n: Any, method: str, minimum: Any, comparisons: Any) -> None:
    for name, value, least in (("n", n, 1), ("minimum", minimum, 1), ("comparisons", comparisons, 1)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise SpecError(f"{name}={value!r} must be a whole number of at least {least}.")
    if method == "pps" and "size" not in groups.frame:
        raise SpecError("method='pps' draws by size: pass size=… to group_regions(), or choose method='srs'.")
    counts = groups.frame["group"].value_counts().loc[groups.groups]
    least = int(np.minimum(counts, minimum).sum())
    if n < least:
        cases = pd.DataFrame(
            {"group": groups.groups, "regions": counts.to_numpy(), "problem": f"at least {minimum} wanted"}
        )
        raise DataError(f"{n} regions can't cover {len(counts)} groups with at least {minimum} each: that takes "
                        f"{least}. Choose more regions, or make fewer groups.", cases)  # fmt: skip
    if n > len(groups.frame):
        raise DataError(
            f"n={n} regions are wanted, but there are only {len(groups.frame)}. Choose fewer.",
            counts.to_frame("regions"),
        )


# Words


def criterion_label(name: str, language: str) -> str:
    """A criterion in words, its own name where it is not one of the three.

    >>> criterion_label("service", "zh"), criterion_label("climate", "zh")
    ('服务水平', 'climate')
    """
    return say(CRITERION_WORDS.get(name, name), language)


def _column(name: str) -> Column:
    label, kind, decimals = _LABELS[name]
    words: Mapping[str, Text] = {"criterion": CRITERION_WORDS, "reason": {_ON_PURPOSE["en"]: _ON_PURPOSE}}.get(name, {})
    return Column(name, label, kind, words, decimals)  # type: ignore[arg-type]
