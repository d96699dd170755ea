"""How many in each stratum? A sample shared out by a rule, or as small as the margins of several variables allow.

Whole numbers are found once and for all rules alike: those with the least ``sum a²/n``, ``a`` being what the rule makes
shares proportional to. Bounds are part of that search, so what one stratum may not take goes to the others by the same
rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns, raise_faults
from survey_design.results import Column, Result, Text, is_missing, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Method = Literal["proportional", "equal", "neyman", "cost", "power"]

METHOD_WORDS: Mapping[str, Text] = {
    "proportional": {"en": "in proportion to size", "zh": "按规模比例分配"},
    "equal": {"en": "the same number in each stratum", "zh": "各层等额分配"},
    "neyman": {"en": "in proportion to size × sd (Neyman)", "zh": "按规模 × 标准差分配（Neyman 最优分配）"},
    "cost": {"en": "in proportion to size × sd / √cost", "zh": "按规模 × 标准差 / √单位费用分配（费用最优分配）"},
    "power": {"en": "in proportion to size^{power}", "zh": "按规模的 {power} 次幂分配（幂分配）"},
    "bankier": {"en": "in proportion to total^{power} × CV (Bankier)", "zh": "按总量的 {power} 次幂 × 变异系数分配（Bankier 幂分配）"},
    "margins": {"en": "the cheapest that keeps every margin (Bethel)", "zh": "在满足各项精度要求下费用最低（Bethel 多目标分配）"},
}  # fmt: skip
BOUND_WORDS: Mapping[str, Text] = {
    "minimum": {"en": "raised to the minimum", "zh": "提高至下限"},
    "maximum": {"en": "held at the maximum", "zh": "受上限限制"},
    "size": {"en": "everyone is taken", "zh": "全部抽取"},
}
_NOBODY: Text = {"en": "nobody is asked in this stratum", "zh": "该层不抽取"}
_LABELS: Mapping[str, tuple[Text, str, int]] = {
    "size": ({"en": "size", "zh": "规模"}, "count", 0),
    "ideal": ({"en": "by the rule", "zh": "按规则"}, "number", 1),
    "n": ({"en": "n", "zh": "样本量"}, "count", 0),
    "size_share": ({"en": "share of population", "zh": "占总体"}, "share", 0),
    "measure_share": ({"en": "share of size", "zh": "占规模"}, "share", 0),
    "n_share": ({"en": "share of sample", "zh": "占样本"}, "share", 0),
    "fraction": ({"en": "sampling fraction", "zh": "抽样比"}, "number", 4),
    "weight": ({"en": "weight", "zh": "权数"}, "number", 2),
    "se": ({"en": "expected se", "zh": "预期标准误"}, "number", 3),
    "cv": ({"en": "expected CV", "zh": "预期变异系数"}, "number", 3),
    "cost": ({"en": "cost", "zh": "费用"}, "number", 0),
    "bound": ({"en": "bound", "zh": "限制"}, "text", 0),
    "reason": ({"en": "reason", "zh": "原因"}, "text", 0),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {"neyman": ("sd",), "cost": ("sd", "cost")}
_TIE = 1e-12  # priorities nearer than this are the same number, and the stratum that stands first goes first
_CLOSE = 1e-9  # how far margins and least cost may be missed before the search for multipliers ends
_ROUNDS = 20_000


@dataclass(frozen=True, eq=False, repr=False)
class Allocation(Result):
    """A sample shared out over strata: one line per stratum, ``n`` adding up to the whole.

    Frame columns: the stratum's name, ``size``; ``ideal``, what the rule gives before bounds and rounding; ``n``;
    ``size_share, n_share, fraction`` (n/size), ``weight`` (size/n); ``se``, ``cv`` and ``cost`` where the strata have
    them: the error to be expected of the stratum's mean, and what its interviews cost; ``bound`` where a bound decided:
    "minimum", "maximum" or "size" (everyone is taken); ``reason`` where a number is missing.

    Attributes
    ----------
    by : columns that name a stratum
    rule : the rule, a key of :data:`METHOD_WORDS`
    power : exponent of the rule "power"
    capped : True if ``size`` counts people who can be asked once, so that no n exceeds it
    se : error to be expected of the mean of all; nan without ``sd`` or where a stratum has nobody
    gain : variance of that mean relative to an allocation in proportion to size, of the same n; nan likewise
    """

    by: tuple[str, ...] = ("stratum",)
    rule: str = "proportional"
    power: float = 0.5
    capped: bool = True
    se: float = float("nan")
    gain: float = float("nan")

    @property
    def n(self) -> int:
        """All of the sample."""
        return int(self.frame["n"].sum())

    @property
    def cost(self) -> float:
        """What all interviews cost; nan where no cost was given."""
        return float(self.frame["cost"].sum()) if "cost" in self.frame else float("nan")

    @property
    def deff(self) -> float:
        """Kish's design effect of unequal weights, ``n Σ n w² / (Σ n w)²``: 1 where n is in proportion to size."""
        return weighting_deff(self.frame["size"].to_numpy(float), self.frame["n"].to_numpy(float))

    def to_dict(self) -> dict[Any, int]:
        """n by stratum; several columns make a tuple. ``draw(frame, design, plan, …)`` takes the plan itself."""
        names = self.frame[list(self.by)].itertuples(index=False, name=None)
        keys = [name[0] if len(self.by) == 1 else name for name in names]
        return dict(zip(keys, self.frame["n"].astype(int).tolist(), strict=True))

    def stratum_words(self, frame: pd.DataFrame | None = None) -> list[str]:
        """One text per stratum, of all or of some rows, in words where :meth:`with_labels` gave any."""
        shown = self.frame if frame is None else frame
        named = {name: [self.value_words(name, value) for value in shown[name]] for name in self.by}
        return stratum_labels(pd.DataFrame(named), self.by, self.language)

    def title(self) -> str:
        k, n = len(self.frame), f"{self.n:,}"
        return f"{n} 个样本在 {k} 个层中的分配" if self.language == "zh" else f"{n} interviews over {k} strata"

    def columns(self) -> tuple[Column, ...]:
        named = tuple(Column(name, {"en": name}) for name in self.by)
        rest = [name for name in self.frame.columns if name not in self.by]
        bare = [name for name in ("bound", "reason") if not self.frame[name].astype(bool).any()]
        return (*named, *(_column(name, self.capped) for name in rest if name not in bare))

    def note(self) -> str:
        parts = (self._rule_words(), self._bound_words(), self._error_words(), self._cost_words())
        return _sentences([part for part in parts if part], self.language)

    def sentence(self) -> str:
        """How many are asked, by which rule, and between which numbers per stratum."""
        n, rule = self.frame["n"], self._rule_words()
        if self.language == "zh":
            each = "每层" if self.by == ("stratum",) else spaced(self._each("每个"))
            return f"{self.n:,} 个样本分配到 {len(n)} 个层，{rule}；{each} {n.min():,} 至 {n.max():,} 个。"
        each = self._each("per ")
        return f"{self.n:,} interviews over {len(n)} strata, {rule}: from {n.min():,} to {n.max():,} {each}."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Share of the sample beside the share of the population, stratum by stratum."""
        from survey_design.plots.allocation import draw_allocation

        return draw_allocation(self, ax)

    def _each(self, word: str) -> str:
        """What a stratum is: a store, or a store and hour."""
        return word + " × ".join(self.column_words(name) for name in self.by)

    def _rule_words(self) -> str:
        return say(METHOD_WORDS[self.rule], self.language).replace("{power}", f"{self.power:g}")

    def _bound_words(self) -> str:
        """Which strata a bound decided."""
        zh, said = self.language == "zh", []
        for bound, words in BOUND_WORDS.items():
            held = self.frame[self.frame["bound"] == bound]
            if len(held):
                names = _listed(self.stratum_words(held), self.language)
                said.append(f"{say(words, self.language)}：{names}" if zh else f"{say(words, self.language)}: {names}")
        return ("；" if zh else "; ").join(said)

    def _error_words(self) -> str:
        zh = self.language == "zh"
        deff = f"{'权数造成的设计效应' if zh else 'design effect of the weights'} {self.deff:.2f}"
        if not np.isfinite(self.se):
            return self._no_error() + deff
        if zh:
            gain = f"（方差为按比例分配的 {self.gain:.3g} 倍）" if np.isfinite(self.gain) else ""
            return f"总均值的预期标准误 {self.se:.4g}{gain}；{deff}"
        gain = f" ({self.gain:.3g} times the variance of a proportional allocation)" if np.isfinite(self.gain) else ""
        return f"expected se of the overall mean {self.se:.4g}{gain}; {deff}"

    def _no_error(self) -> str:
        """Why there is no error of the whole, where one could be expected."""
        if "se" not in self.frame:
            return ""
        return (
            "有的层不抽取，总均值无预期标准误；"
            if self.language == "zh"
            else "no error of the overall mean, as some strata have nobody; "
        )

    def _cost_words(self) -> str:
        if not np.isfinite(self.cost):
            return ""
        return f"费用合计 {self.cost:,.0f}" if self.language == "zh" else f"cost {self.cost:,.0f}"


@dataclass(frozen=True, eq=False, repr=False)
class MarginAllocation(Allocation):
    """The cheapest sample that keeps every margin, as far as whole numbers allow.

    Attributes
    ----------
    met : DataFrame
        One row per margin: ``variable, by, domain, kind`` ("margin" or "cv"), ``wanted, expected, n``, and
        ``pressure``: by how many percent the cost falls if the margin may be one percent wider (0: others decide).
    least : cost below which no sample keeps the margins, whole numbers or not
    level : confidence of the margins
    """

    met: pd.DataFrame = field(default_factory=pd.DataFrame)
    least: float = float("nan")
    level: float = 0.95

    def margins(self) -> MarginsMet:
        """Every margin beside what is to be expected."""
        return MarginsMet(self.met, self.language, self.level, called=self.called)

    def _cost_words(self) -> str:
        priced = np.isfinite(self.cost)
        spent = self.cost if priced else float(self.n)
        above, level = f"{100 * max(0.0, spent / self.least - 1):.1f}%", f"{100 * self.level:g}%"
        if self.language == "zh":
            what = f"费用合计 {spent:,.0f}" if priced else f"{spent:,.0f} 个样本"
            return f"{what}，至多比理论最小值高 {above}；精度按 {level} 置信水平计"
        what = f"cost {spent:,.0f}" if priced else f"{spent:,.0f} interviews"
        return f"{what}, at most {above} above the least possible; margins at {level} confidence"


@dataclass(frozen=True, eq=False, repr=False)
class MarginsMet(Result):
    """What each variable was to be known to, and what is to be expected: one line per margin."""

    level: float = 0.95

    def title(self) -> str:
        return "各项精度要求与预期精度" if self.language == "zh" else "Margins wanted and expected"

    def columns(self) -> tuple[Column, ...]:
        kinds: Mapping[str, Text] = {
            "margin": {"en": "margin ±", "zh": "误差限 ±"},
            "cv": {"en": "CV", "zh": "变异系数"},
        }
        every: dict[Any, Text] = {"": {"en": "all", "zh": "总体"}}
        domains: dict[Any, Text] = {value: {self.language: self.value_words(by, value)}
                   for by, value in zip(self.frame["by"], self.frame["domain"], strict=True) if by}  # fmt: skip
        return (
            Column(
                "variable",
                {"en": "variable", "zh": "变量"},
                words={name: {self.language: self.column_words(name)} for name in self.frame["variable"]},
            ),
            Column("domain", {"en": "domain", "zh": "研究域"}, words=every | domains),
            Column("kind", {"en": "kind", "zh": "精度指标"}, words=kinds),
            Column("wanted", {"en": "wanted", "zh": "要求"}, "number", decimals=3),
            Column("expected", {"en": "expected", "zh": "预期"}, "number", decimals=3),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            Column("pressure", {"en": "pressure", "zh": "费用弹性"}, "number"),
        )

    def note(self) -> str:
        percent = f"{100 * self.level:g}%"
        if self.language == "zh":
            return f"误差限为 {percent} 置信区间的半宽；费用弹性：该要求放宽 1%，费用下降的百分数（0 表示由其他要求决定）。"
        return (
            f"A margin is half the width of a {percent} interval; pressure: percent of cost that one percent more of "
            "this margin saves (0: other margins decide)."
        )


@dataclass(frozen=True)
class Target:
    """How well the mean of one variable shall be known: everywhere, or in each group of strata.

    Parameters
    ----------
    variable : name of the variable
    margin : half the width of the interval, in the variable's own unit
    cv : or the standard error as a share of the mean
    by : column of the strata; the target then holds for each of its values, else for all together
    sd, mean : columns with the spread and (for ``cv``) the mean in each stratum; by default the name with "_sd",
    "_mean"

    Examples
    --------
    >>> Target("satisfaction", margin=0.2, by="tier").sd
    'satisfaction_sd'
    >>> Target("satisfaction", margin=0)
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: target 'satisfaction': margin=0 must be a number above 0.
    """

    variable: str
    margin: float | None = None
    cv: float | None = None
    by: str | None = None
    sd: str = ""
    mean: str = ""

    def __post_init__(self) -> None:
        if (self.margin is None) == (self.cv is None):
            raise SpecError(f"target {self.variable!r}: give either margin or cv.")
        if not isinstance(self.wanted, (int, float)) or not 0 < self.wanted < float("inf"):
            raise SpecError(f"target {self.variable!r}: {self.kind}={self.wanted!r} must be a number above 0.")
        object.__setattr__(self, "sd", self.sd or f"{self.variable}_sd")
        object.__setattr__(self, "mean", self.mean or f"{self.variable}_mean")

    @property
    def kind(self) -> str:
        return "cv" if self.margin is None else "margin"

    @property
    def wanted(self) -> Any:
        return self.cv if self.margin is None else self.margin

    @property
    def column_names(self) -> list[str]:
        """The columns of the strata that it needs."""
        return [self.sd, *([self.mean] if self.kind == "cv" else []), *([self.by] if self.by else [])]


def allocate(
    strata: pd.DataFrame,
    n: int,
    *,
    method: Method = "proportional",
    by: str | Sequence[str] = "stratum",
    size: str = "size",
    sd: str = "sd",
    cost: str = "cost",
    total: str = "total",
    cv: str = "cv",
    power: float = 0.5,
    minimum: int | str = 5,
    maximum: int | str | None = None,
    capped: bool = True,
) -> Allocation:
    """Share out ``n`` interviews over strata, in whole numbers that add up to ``n``.

    Parameters
    ----------
    strata : DataFrame, one row per stratum
    n : interviews in all
    method : {"proportional", "equal", "neyman", "cost", "power"}
        What n is in proportion to: the size N; nothing; N × sd; N × sd / √cost; or N^power, and where the strata have
        columns ``total`` and ``cv``, total^power × cv (Bankier). "proportional" serves the whole, "equal" comparisons
        of strata, "power" both; "neyman" gives the whole its least error, "cost" its least error for the money.
    by : column or columns that name a stratum (store, or store and hour)
    size, sd, cost, total, cv : columns
        Members of the stratum, spread of the variable, price of one interview, the stratum's total of the variable and
        its coefficient of variation. Those that the method doesn't need are used where they are there: ``sd`` and
        ``cv`` for expected errors, ``cost`` for what it costs.
    power : exponent of "power", from 0 ("equal", for equal cv) to 1 ("proportional"); 0.5 is the usual compromise
    minimum, maximum : least and most in a stratum, or columns that hold them
        A stratum smaller than the minimum is taken whole.
    capped : bool
        False where ``size`` is a measure (traffic, sales), not a number of people: then n may exceed it, and no
        finite population correction is made. A quota by store traffic with at least 5 per store is
        ``allocate(stores, 400, by="store", size="traffic", capped=False)``.

    Returns
    -------
    Allocation

    Notes
    -----
    Let ``a`` be what n is in proportion to. Of all whole numbers within the bounds that add up to n, those with the
    least ``sum a²/n`` are taken. They are found by giving each next interview to the stratum with the highest priority
    ``a / sqrt(n (n + 1))``, starting from the minima (Wright 2012, 2017), and are exact, not a rounding. For "neyman"
    that sum is the variance of the estimated total, up to a constant, so no other whole numbers do better; for
    "proportional" it is the method of equal proportions that shares out the seats of the US House of Representatives.
    Of equal priorities the stratum that stands first goes first. A stratum gets its first interview before any gets a
    second, whatever the minimum.

    The expected error of the mean is ``sqrt(sum W² sd² (1/n - 1/N))`` with W = N / sum N. What "cost" minimises at a
    given n is the variance at the prices' rule; to spend the least for a given precision use
    :func:`allocate_for_margins`.

    Raises
    ------
    DataError
        If strata are named twice, or have a size, spread or cost that is missing, zero or negative, or if the bounds
        leave no room for n; ``.cases`` names all of them.

    References
    ----------
    Neyman (1934), J. R. Stat. Soc. 97, 558-625, doi:10.2307/2342192. Bankier (1988), Am. Stat. 42, 174-177. Wright
    (2012), Am. Stat. 66, 217-224, doi:10.1080/00031305.2012.733679; Wright (2017), Stat. Probab. Lett. 129, 50-57,
    doi:10.1016/j.spl.2017.04.026. Checked against Wright's example with bounds, the 435 seats of the 2020 census, the
    sample of counties in Lohr's book, and all possible whole numbers in small cases (tests/test_allocation.py).

    Examples
    --------
    >>> import pandas as pd
    >>> tiers = pd.DataFrame(
    ...     {"tier": ["flagship", "street", "kiosk"], "size": [4000, 12000, 300], "sd": [1.4, 1.1, 0.9]}
    ... )
    >>> allocate(tiers, 400, by="tier", minimum=30).to_dict()
    {'flagship': 93, 'street': 277, 'kiosk': 30}
    >>> allocate(tiers, 400, by="tier", method="neyman").sentence()
    '400 interviews over 3 strata, in proportion to size × sd (Neyman): from 6 to 277 per tier.'
    """
    check_choice("method", method, Method)
    if isinstance(power, bool) or not isinstance(power, (int, float)) or not 0 <= power <= 1:
        raise SpecError(f"power={power!r} must lie between 0 and 1, both included.")
    columns = {"size": size, "sd": sd, "cost": cost, "total": total, "cv": cv}
    table = _read_strata(strata, by, columns, ("size", *_NEEDED.get(method, ())))
    _check_whole("n", n, 1)
    low, high = _bounds(table, strata, minimum, maximum, capped)
    _check_room(table, int(n), low, high)
    rule = "bankier" if method == "power" and {"total", "cv"} <= table.numbers.keys() else method
    share = _shares(table, rule, power)
    counts = priority_allocation(share, int(n), low, high)
    frame = _frame(table, counts, capped).assign(bound=_held(share, counts, low, high, table.cap(capped)))
    frame.insert(list(frame).index("n"), "ideal", n * share / share.sum())
    se, gain = _precision(table, counts, capped)
    return Allocation(frame, "en", table.by, rule, power, capped, se, gain)


def allocate_for_margins(
    strata: pd.DataFrame,
    targets: Target | Sequence[Target],
    *,
    by: str | Sequence[str] = "stratum",
    size: str = "size",
    cost: str = "cost",
    level: float = 0.95,
    minimum: int | str = 2,
    maximum: int | str | None = None,
) -> MarginAllocation:
    """The cheapest sample that knows several variables as well as wanted, overall or group by group.

    Parameters
    ----------
    strata : DataFrame, one row per stratum, with the columns that the targets name
    targets : Target or several of them
    by, size : columns that name a stratum, and its number of members
    cost : column with the price of an interview; without it every interview costs the same and n is the least possible
    level : confidence of the targets' margins
    minimum, maximum : least and most in a stratum, or columns that hold them; two let the variance be estimated

    Returns
    -------
    MarginAllocation
        ``.margins()`` sets what is to be expected beside what was wanted.

    Notes
    -----
    Minimise ``sum cost n`` subject to ``sum_h N² sd² (1/n - 1/N) <= (N_d margin / z)²`` for each variable and group d
    of strata, z being the normal quantile at ``level`` (for a cv the limit is ``(N_d mean_d cv)²``), and to the bounds.
    The solution has ``n = sqrt(sum_j λ_j N² sd_j² / cost)``, held within the bounds. Chromy's iteration finds the
    multipliers: ``λ_j`` is multiplied by the square of variance over limit, until no margin is missed and the cost is
    within 1e-9 of what the multipliers prove to be the least. The numbers are rounded up; then interviews are taken
    away one by one, those first that save most for the precision they cost, while every margin holds. How far the cost
    may still lie above the least is said in the note.

    ``margin`` is a plan: it holds if the spreads do, before non-response and clustering (see ``survey_design.size``).

    Raises
    ------
    DataError
        If a size, spread or cost can't be used, or a margin can't be kept with the greatest numbers allowed; ``.cases``
        names all of them.

    References
    ----------
    Bethel (1989), Survey Methodology 15, 47-57. Chromy (1987), Proceedings of the Survey Research Methods Section,
    American Statistical Association, 194-199. Checked against scipy's SLSQP, the Kuhn-Tucker conditions, and all whole
    numbers in small cases (tests/test_allocation.py).

    Examples
    --------
    >>> import pandas as pd
    >>> tiers = pd.DataFrame({"tier": ["flagship", "street", "kiosk"], "size": [4000, 12000, 300],
    ...                       "gap_sd": [1.4, 1.1, 0.9], "returns_sd": [0.5, 0.4, 0.5]})  # fmt: skip
    >>> plan = allocate_for_margins(
    ...     tiers, [Target("gap", margin=0.1), Target("returns", margin=0.1, by="tier")], by="tier"
    ... )
    >>> plan.to_dict()
    {'flagship': 148, 'street': 348, 'kiosk': 73}
    >>> plan.met["expected"].round(3).tolist()
    [0.1, 0.079, 0.041, 0.1]
    """
    wanted = [targets] if isinstance(targets, Target) else list(targets)
    if not wanted:
        raise SpecError("targets is empty. Name at least one: Target('satisfaction', margin=0.1).")
    check_between("level", level, 0, 1)
    table = _read_strata(strata, by, {"size": size, "cost": cost}, ("size",))
    limits = _limits(table, strata, wanted, level)
    low, high = _bounds(table, strata, minimum, maximum, True)
    low = np.maximum(low, 1)
    price = table.numbers.get("cost", np.ones(len(table.labels)))
    _check_reachable(limits, high)
    exact, pull, least = _least_cost(limits.load, limits.most, price, low, high)
    counts = _whole(limits, exact, price, low, high)
    frame = _frame(table, counts, True).assign(bound=_pressed(exact, low, high, table.cap(True)))
    frame.insert(list(frame).index("n"), "ideal", exact)
    met = limits.met(counts, pull, least)
    return MarginAllocation(frame, "en", table.by, "margins", capped=True, met=met, least=least, level=level)


# Numbers on arrays


def priority_allocation(share: Array, n: int, low: Array, high: Array) -> Array:
    """(k,) whole numbers within the bounds that add up to n and make ``sum share²/n`` least.

    Parameters
    ----------
    share : (k,) what the numbers should be in proportion to, above 0
    n : their sum, between the sums of the bounds
    low, high : (k,) bounds

    >>> import numpy as np
    >>> share = np.array([470.0, 366.0, 164.0])  # Wright (2017)
    >>> priority_allocation(share, 10, np.array([1, 2, 3]), np.array([5, 6, 4])).tolist()
    [4, 3, 3]
    """
    first = np.maximum(low, np.minimum(high, 1))
    if first.sum() >= n:  # not enough for one each: those with the largest share come first
        counts, waiting = low.astype(int), np.flatnonzero(first > low)
        counts[waiting[np.argsort(-share[waiting], kind="stable")][: n - low.sum()]] += 1
        return counts
    counts = _below(share, n, first, high)
    while counts.sum() < n:
        priority = np.where(counts < high, share / np.sqrt(counts * (counts + 1.0)), -1.0)
        counts[np.flatnonzero(priority >= priority.max() * (1 - _TIE))[0]] += 1
    return counts


def _below(share: Array, n: int, low: Array, high: Array) -> Array:
    """(k,) numbers that priority would reach on its way to n, a few short of it: found by bisection, not one by one."""

    def reached(level: float) -> Array:
        units = np.floor((1 + np.sqrt(1 + 4 * (share / level) ** 2)) / 2)
        return np.clip(np.minimum(units, high), low, high).astype(int)

    few, many = (
        float(share.max()) * 2,
        float(share.min()) / (2.0 + n),
    )  # priorities that nobody, and that too many, have
    while few / many > 1 + 1e-13:
        middle = float(np.sqrt(few * many))
        few, many = (middle, many) if reached(middle).sum() <= n else (few, middle)
    return reached(few * (1 + 1e-9))


def weighting_deff(size: Array, counts: Array) -> float:
    """Kish's ``n Σ n w² / (Σ n w)²`` of the weights size/n, over strata that have someone.

    With one person in each "stratum" ``size`` are weights: the one formula of all that weigh before the analysis.

    >>> import numpy as np
    >>> weighting_deff(np.array([900.0, 100.0]), np.array([50.0, 50.0]))
    1.64
    """
    asked = counts > 0
    size, counts = size[asked], counts[asked]
    return float(counts.sum() * (size**2 / counts).sum() / size.sum() ** 2)


def mean_variance(size: Array, sd: Array, counts: Array, capped: bool) -> float:
    """Variance of the stratified mean, ``Σ W² sd² (1/n - 1/N)``; without ``1/N`` where size is no number of people.

    >>> import numpy as np
    >>> round(mean_variance(np.array([600.0, 400.0]), np.array([2.0, 1.0]), np.array([30.0, 20.0]), True), 6)
    0.0532
    """
    left = 1 / counts - (1 / size if capped else 0.0)
    return float((size**2 * sd**2 * left).sum() / size.sum() ** 2)


def _least_cost(load: Array, most: Array, price: Array, low: Array, high: Array) -> tuple[Array, Array, float]:
    """(k,) numbers of least cost with ``load @ (1/n) <= most``, the share of each limit in it, and a lower bound of the
    cost.

    Parameters
    ----------
    load : (limits, k), most : (limits,) such that a limit is kept if ``load @ (1/n) <= most``
    """
    pull = (np.sqrt(load * price).sum(axis=1) / most) ** 2 / len(most)
    for _ in range(_ROUNDS):
        exact = np.clip(np.sqrt(pull @ load / price), low, high)
        use = load @ (1 / exact)
        spent, missed = float(price @ exact), use / most
        slack = float(pull @ (most - use))
        if missed.max() <= 1 + _CLOSE and abs(slack) <= _CLOSE * spent:
            return exact, pull, spent - slack
        pull = pull * missed**2
    raise SpecError(
        f"the least cost was not found in {_ROUNDS:,} rounds: some margins are nearly the same. "
        "Leave out one of each pair."
    )


def _removable(load: Array, most: Array, counts: Array, price: Array, low: Array) -> int | None:
    """The stratum that can best spare one more interview; None if no one can."""
    spare = most * (1 + _CLOSE) - load @ (1 / counts)
    able = np.flatnonzero(counts > low)
    loss = load[:, able] / (counts[able] * (counts[able] - 1.0))
    fits = (loss <= spare[:, None]).all(axis=0)
    if not fits.any():
        return None
    able, loss = able[fits], loss[:, fits]
    worth = price[able] / (loss / np.maximum(spare, np.finfo(float).tiny)[:, None]).max(axis=0).clip(1e-300)
    return int(able[np.argmax(worth)])


def _whole(limits: _Limits, exact: Array, price: Array, low: Array, high: Array) -> Array:
    """Rounded up, then taken away while every limit holds."""
    counts = np.clip(np.ceil(exact * (1 - _CLOSE)), low, high)
    while (spared := _removable(limits.load, limits.most, counts, price, low)) is not None:
        counts[spared] -= 1
    return counts.astype(int)


# Reading the strata


@dataclass(frozen=True, eq=False)
class _Strata:
    """Strata as arrays: their names, their labels, and the numbers that are there."""

    by: tuple[str, ...]
    names: pd.DataFrame
    labels: list[str]
    numbers: dict[str, Array]

    def cap(self, capped: bool) -> Array:
        """(k,) the most that can be asked in each."""
        size = self.numbers["size"]
        return np.floor(size) if capped else np.full(len(size), np.inf)


def stratum_labels(frame: pd.DataFrame, by: Sequence[str], language: str = "en") -> list[str]:
    """One text per stratum; several names are joined.

    >>> import pandas as pd
    >>> stratum_labels(pd.DataFrame({"store": ["A", "B"], "hour": [9, 10]}), ["store", "hour"])
    ['A, 9', 'B, 10']
    """
    between = "、" if language == "zh" else ", "
    return [between.join(map(str, names)) for names in frame[list(by)].itertuples(index=False, name=None)]


def _read_strata(
    strata: pd.DataFrame, by: str | Sequence[str], columns: Mapping[str, str], needed: Sequence[str]
) -> _Strata:
    """The strata, checked: all cells that can't be used are named at once."""
    by = (by,) if isinstance(by, str) else tuple(by)
    check_columns(by, strata.columns, "the strata")
    renamed = [use for use, name in columns.items() if name != use]  # a column that was asked for by name must be there
    check_columns([columns[use] for use in dict.fromkeys([*needed, *renamed])], strata.columns, "the strata")
    taken = sorted({*by} & {*_LABELS})
    if taken:
        raise SpecError(f"{', '.join(taken)}: the table of strata has a column of that name. Rename it in the data.")
    if strata.empty:
        raise DataError("the strata have no rows. Give one row per stratum.")
    names = strata[list(by)].reset_index(drop=True)
    labels = stratum_labels(names, by)
    present = {use: name for use, name in columns.items() if name in strata.columns}
    faults = _name_faults(names, labels)
    for use, name in present.items():
        faults += _number_faults(strata[name], labels, use)
    raise_faults(faults, "the strata")
    return _Strata(by, names, labels, {use: strata[name].to_numpy(float) for use, name in present.items()})


def _name_faults(names: pd.DataFrame, labels: Sequence[str]) -> list[dict[str, Any]]:
    without, twice = names.isna().any(axis=1), names.duplicated(keep=False)
    faults = [_fault(k, labels[k], ", ".join(map(str, names)), None, "no name") for k in _places(without)]
    again = [
        _fault(k, labels[k], ", ".join(map(str, names)), labels[k], "named twice") for k in _places(twice & ~without)
    ]
    return faults + again


def _number_faults(
    cells: pd.Series, labels: Sequence[str], use: str, least: float | None = None
) -> list[dict[str, Any]]:
    """Cells that are no number, or not above 0 (not below ``least`` where that is given)."""
    faults = []
    values = pd.to_numeric(cells, errors="coerce").to_numpy(float, na_value=np.nan)
    for k, (cell, value) in enumerate(zip(cells, values, strict=True)):
        problem = ""
        if not np.isfinite(value) or isinstance(cell, (bool, np.bool_)):
            problem = "missing" if is_missing(cell) else "not a number"
        elif use == "size" and 0 <= value < 1:
            problem = "no units"
        elif value < 0 if least == 0 else value <= 0:
            problem = "negative" if value < 0 else "zero"
        if problem:
            faults.append(_fault(k, labels[k], str(cells.name), cell, problem))
    return faults


def _fault(k: int, label: str, column: str, value: Any, problem: str) -> dict[str, Any]:
    return {"stratum": label, "row": int(k) + 2, "column": column, "value": value, "problem": problem}


def _places(mask: Any) -> list[int]:
    return [int(k) for k in np.flatnonzero(mask)]


def _check_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise SpecError(f"{name}={value!r} must be a whole number of at least {least}.")


def _bounds(
    table: _Strata, strata: pd.DataFrame, minimum: int | str, maximum: int | str | None, capped: bool
) -> tuple[Array, Array]:
    """(k,) least and most per stratum, neither above its size."""
    cap = table.cap(capped)
    low = np.minimum(_bound(table, strata, "minimum", minimum), cap)
    high = cap if maximum is None else np.minimum(_bound(table, strata, "maximum", maximum), cap)
    raise_faults(
        [_fault(k, table.labels[k], "minimum", int(low[k]), f"above the maximum of {high[k]:g}")
         for k in _places(low > high)], "the bounds",
    )  # fmt: skip
    return low.astype(int), high


def _bound(table: _Strata, strata: pd.DataFrame, name: str, bound: int | str) -> Array:
    if not isinstance(bound, str):
        _check_whole(name, bound, 0)
        return np.full(len(table.labels), float(bound))
    check_columns([bound], strata.columns, "the strata")
    cells = strata[bound]
    faults = _number_faults(cells, table.labels, name, least=0)
    bad = {fault["row"] - 2 for fault in faults}
    faults += [_fault(k, table.labels[k], bound, cell, "not a whole number")
               for k, cell in enumerate(cells) if k not in bad and float(cell) != int(cell)]  # fmt: skip
    raise_faults(faults, "the bounds")
    return cells.to_numpy(float)


def _check_room(table: _Strata, n: int, low: Array, high: Array) -> None:
    """Refuse bounds that leave no room for n, naming those that take it."""
    if low.sum() > n:
        raise DataError(
            f"the minima take {low.sum():,} interviews, more than n = {n:,}. "
            f"Raise n to {low.sum():,}, lower the minimum, or merge strata.",
            _bound_cases(table, low, "minimum"),
        )
    if high.sum() < n:
        raise DataError(
            f"all strata together can give {high.sum():,.0f} interviews, fewer than n = {n:,}. "
            f"Lower n, or raise the maximum; where size is a measure and not a number of people, pass capped=False.",
            _bound_cases(table, high, "maximum or size"),
        )


def _bound_cases(table: _Strata, bound: Array, problem: str) -> pd.DataFrame:
    return pd.DataFrame([_fault(k, label, "n", int(bound[k]), problem) for k, label in enumerate(table.labels)])


# Making the table


def _shares(table: _Strata, rule: str, power: float) -> Array:
    """(k,) what n is in proportion to, the largest being 1."""
    number, size = table.numbers, table.numbers["size"]
    if rule == "bankier":
        share = number["total"] ** power * number["cv"]
    elif rule in ("neyman", "cost"):
        share = size * number["sd"] / (np.sqrt(number["cost"]) if rule == "cost" else 1.0)
    else:
        share = size ** {"proportional": 1.0, "equal": 0.0, "power": power}[rule]
    return share / share.max()


def _frame(table: _Strata, counts: Array, capped: bool) -> pd.DataFrame:
    number, size = table.numbers, table.numbers["size"]
    asked = counts > 0
    each = np.where(asked, counts, np.nan)
    frame = table.names.assign(size=size, n=counts, size_share=size / size.sum(), n_share=counts / counts.sum())
    if capped:
        frame["fraction"] = counts / size
    frame["weight"] = size / each
    left = np.sqrt(np.clip(1 / each - (1 / size if capped else 0.0), 0.0, None))
    for name, spread in (("se", "sd"), ("cv", "cv")):
        if spread in number:
            frame[name] = number[spread] * left
    if "cost" in number:
        frame["cost"] = counts * number["cost"]
    frame["bound"] = ""
    frame["reason"] = ["" if there else _NOBODY["en"] for there in asked]
    return frame


def _held(share: Array, counts: Array, low: Array, high: Array, cap: Array) -> list[str]:
    """The bound that decided, per stratum: where priority would have moved an interview had the bound not been
    there."""
    with np.errstate(divide="ignore"):
        last, following = share / np.sqrt(counts * (counts - 1.0)), share / np.sqrt(counts * (counts + 1.0))
    wanted = np.max(following[counts < high], initial=0.0)
    given = np.min(last[counts > low], initial=np.inf)
    raised = (counts == low) & (counts > 1) & (last < wanted * (1 - _TIE))
    lowered = (counts == high) & (following > given * (1 + _TIE))
    return _bound_names(raised, lowered, high, cap)


def _pressed(exact: Array, low: Array, high: Array, cap: Array) -> list[str]:
    """The bound at which the least cost lies, per stratum."""
    return _bound_names((exact == low) & (low < high), exact == high, high, cap)


def _bound_names(raised: Array, lowered: Array, high: Array, cap: Array) -> list[str]:
    most = np.where(high < cap, "maximum", "size")
    return [str(name) for name in np.where(raised, "minimum", np.where(lowered, most, ""))]


def _precision(table: _Strata, counts: Array, capped: bool) -> tuple[float, float]:
    """Error of the overall mean, and its variance relative to n in proportion to size."""
    size, sd = table.numbers["size"], table.numbers.get("sd")
    if sd is None or (counts == 0).any():
        return float("nan"), float("nan")
    variance = max(mean_variance(size, sd, counts, capped), 0.0)
    plain = mean_variance(size, sd, counts.sum() * size / size.sum(), capped)
    return float(np.sqrt(variance)), variance / plain if plain > 0 else float("nan")


# Reading the targets


@dataclass(frozen=True, eq=False)
class _Limits:
    """Margins as limits of variances: a limit j is kept if ``load[j] @ (1/n) <= most[j]``.

    Attributes
    ----------
    load : (limits, k) N² sd² over the variance allowed, 0 outside the limit's group
    most : (limits,) 1 plus what the finite population takes off
    inside : (limits, k) True for the strata of the limit's group
    rows : variable, by, domain, kind and wanted of each limit
    """

    load: Array
    most: Array
    inside: Array
    rows: pd.DataFrame

    def expected(self, counts: Array) -> Array:
        """(limits,) margins or cvs to be expected of n."""
        share = np.clip(self.load @ (1 / counts) - (self.most - 1), 0.0, None)
        return self.rows["wanted"].to_numpy(float) * np.sqrt(share)

    def met(self, counts: Array, pull: Array, least: float) -> pd.DataFrame:
        """Every limit with what is expected of n, and how much of the cost hangs on it."""
        pressure = 2 * pull / least  # the limit of the variance is the square of the margin
        return self.rows.assign(expected=self.expected(counts), n=self.inside @ counts, pressure=pressure)


def _limits(table: _Strata, strata: pd.DataFrame, targets: Sequence[Target], level: float) -> _Limits:
    from scipy.special import ndtri

    check_columns([name for target in targets for name in target.column_names], strata.columns, "the strata")
    raise_faults([fault for target in targets for fault in _target_faults(target, strata, table.labels)], "the strata")
    size, z = table.numbers["size"], float(ndtri((1 + level) / 2))
    lines, rows, faults = [], [], []
    for target in targets:
        squares = size**2 * strata[target.sd].to_numpy(float) ** 2
        for domain, inside in _domains(target, strata):
            allowed = _variance_allowed(target, strata, size, inside, z)
            rows.append((target.variable, target.by or "", domain, target.kind, target.wanted))
            if not squares[inside].any():
                faults.append(_fault(int(inside.argmax()), str(domain) or "all", target.sd, 0.0, "no spread at all"))
            elif allowed == 0:
                problem = "mean is 0, so there is no cv"
                faults.append(_fault(int(inside.argmax()), str(domain) or "all", target.mean, 0.0, problem))
            else:
                lines.append((np.where(inside, squares, 0.0) / allowed, inside))
    raise_faults(faults, "the targets")
    load, inside = np.array([line for line, _ in lines]), np.array([inside for _, inside in lines])
    named = pd.DataFrame(rows, columns=["variable", "by", "domain", "kind", "wanted"])
    return _Limits(load, 1 + load @ (1 / size), inside, named)


def _target_faults(target: Target, strata: pd.DataFrame, labels: Sequence[str]) -> list[dict[str, Any]]:
    faults = _number_faults(strata[target.sd], labels, "sd", least=0)
    if target.kind == "cv":
        cells = strata[target.mean]
        there = pd.to_numeric(cells, errors="coerce").notna()
        faults += [_fault(k, labels[k], target.mean, cells.iloc[k], "missing") for k in _places(~there)]
    if target.by:
        cells = strata[target.by]
        faults += [_fault(k, labels[k], target.by, None, "missing") for k in _places(cells.isna())]
    return faults


def _domains(target: Target, strata: pd.DataFrame) -> list[tuple[Any, Array]]:
    """The groups of strata that a target holds for, each with (k,) whether a stratum is inside."""
    if target.by is None:
        return [("", np.ones(len(strata), dtype=bool))]
    cells = strata[target.by].to_numpy()
    return [(value, cells == value) for value in dict.fromkeys(cells.tolist())]


def _variance_allowed(target: Target, strata: pd.DataFrame, size: Array, inside: Array, z: float) -> float:
    """The greatest variance of the group's estimated total."""
    if target.kind == "margin":
        return float((size[inside].sum() * target.wanted / z) ** 2)
    total = size[inside] @ strata[target.mean].to_numpy(float)[inside]
    return float((total * target.wanted) ** 2)


def _check_reachable(limits: _Limits, high: Array) -> None:
    """Refuse margins that even the greatest numbers miss."""
    missed = limits.load @ (1 / high) > limits.most * (1 + _TIE)
    if not missed.any():
        return
    cases = limits.rows.assign(best=limits.expected(high), problem="out of reach")[missed]
    named = [
        row["variable"] if row["by"] == "" else f"{row['variable']} ({row['domain']})" for _, row in cases.iterrows()
    ]
    said = [f"{name}: {row['kind']} {row['wanted']:g}, at best {row['best']:.3g}"
            for name, (_, row) in zip(named, cases.iterrows(), strict=True)]  # fmt: skip
    raise DataError(
        f"the maxima don't let these targets be kept: {'; '.join(said)}. Raise the maximum, or want less.", cases
    )


# Words


def _column(name: str, capped: bool) -> Column:
    label, kind, decimals = _LABELS[name if capped or name != "size_share" else "measure_share"]
    words = BOUND_WORDS if name == "bound" else {_NOBODY["en"]: _NOBODY} if name == "reason" else {}
    return Column(name, label, kind, words, decimals)  # type: ignore[arg-type]


def _listed(names: Sequence[str], language: str) -> str:
    """The first few names, and how many more there are."""
    zh = language == "zh"
    shown = ("、" if zh else ", ").join(names[:5])
    more = len(names) - 5
    return shown if more <= 0 else f"{shown}等 {len(names)} 个层" if zh else f"{shown} and {more} more"


def _sentences(parts: Sequence[str], language: str) -> str:
    if language == "zh":
        return "".join(f"{part}。" for part in parts)
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)
