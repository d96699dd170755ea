"""How does a wish become a number of interviews, step by step, so that a referee can follow it?

A :class:`Goal` says what is to be estimated and how sharply. :func:`write_ledger` takes it through five steps, in this
order: base n of a simple random sample, finite population, design effect, response rate, quota rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from survey_design.errors import SpecError
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Finite = Literal["mean", "proportion", "none"]
Quotas = int | Sequence[float] | Mapping[str, float]

STEPS: Mapping[str, Text] = {
    "base": {"en": "simple random sample", "zh": "简单随机抽样"},
    "population": {"en": "finite population", "zh": "有限总体校正"},
    "design": {"en": "design effect", "zh": "设计效应"},
    "response": {"en": "response rate", "zh": "应答率"},
    "quotas": {"en": "quota rounding", "zh": "配额取整"},
}
_NOT_APPLIED: Text = {"en": "not applied", "zh": "不作校正"}
_FRAME = ["step", "formula", "factor", "n", "n_rounded", "n_to_approach"]
_Row = tuple[str, str, float, float, int, float]
_MOST = 1e9  # interviews; a goal that needs more is a slip of the pen


@dataclass(frozen=True)
class Goal:
    """What is to be estimated, and how sharply: a margin of error not to be exceeded, or a power to be reached.

    Attributes
    ----------
    what : the thing that is estimated, in English and Chinese: "a mean", "均值"
    reach : function ``(effective, independent) -> margin or power``
        What n interviews are worth, in two numbers. ``effective`` is about the variance: the simple random sample from
        an endless population that has the same (:func:`effective_n`); infinite where everyone was asked, so that the
        margin is 0 and the power 1. ``independent`` is about degrees of freedom (:func:`independent_n`): a small
        population shrinks the error, and tells nothing more about its size.
    target : the margin (half the width of the interval) or power that is wanted
    measure : "margin" shrinks as n grows, "power" rises
    formula : how the base n follows, with its numbers, in signs that need no translation: ``(1.96 × 1.2 / 0.2)²``
    effect : the difference that is to be found, in words; for a power
    assumed : what the numbers rest on, in words: "sd = 1.2"
    method, source : how the interval or test is made, and where the formula stands
    level : confidence of the interval; of a test, 1 − level is the risk of seeing a difference where there is none
    kind : "number", or "share" for a margin that is shown in percentage points
    finite : which correction for a finite population fits: "mean" (Cochran 1977, eq. 4.6), "proportion" (eq. 4.2), "none"
    least : the smallest n for which ``reach`` says anything
    reads_df : True if ``reach`` reads its second argument
    rounding : "up"; "nearest" for a published table that rounds so
    groups : names and shares of the groups of a comparison; each is filled separately
    """

    what: Text
    reach: Callable[[float, float], float]
    target: float
    measure: Literal["margin", "power"] = "margin"
    formula: str = ""
    effect: Text = field(default_factory=dict)
    assumed: Text = field(default_factory=dict)
    method: Text = field(default_factory=dict)
    source: str = ""
    level: float = 0.95
    kind: Literal["number", "share"] = "number"
    finite: Finite = "mean"
    least: int = 1
    reads_df: bool = False
    rounding: Literal["up", "nearest"] = "up"
    groups: tuple[tuple[Text, float], ...] = ()

    def is_met(self, reached: float) -> bool:
        """True if a margin or power is as good as the target."""
        return reached <= self.target if self.measure == "margin" else reached >= self.target

    def show(self, value: float, language: str) -> str:
        """A margin or power as it is written in a sentence.

        >>> goal = Goal({"en": "a share"}, lambda effective, n: 0.98 / effective**0.5, 0.05, kind="share")
        >>> goal.show(0.05, "en"), goal.show(0.05, "zh")
        ('±5 percentage points', '±5 个百分点')
        """
        if self.measure == "power":
            return f"{100 * value:.4g}%"
        if self.kind == "share":
            return f"±{100 * value:.3g} {'个百分点' if language == 'zh' else 'percentage points'}"
        return f"±{figure(value)}"


@dataclass(frozen=True, eq=False, repr=False)
class SampleSize(Result):
    """How many interviews, and how that number came about.

    The table is a ledger with one row per step. ``factor`` is what the step multiplies by, ``n`` the exact number of
    interviews after it, ``n_rounded`` the whole number, ``n_to_approach`` how many people must be asked for that
    many interviews. The last row holds the answer: :attr:`n` and :attr:`n_to_approach`.

    Attributes
    ----------
    goal : what the size is for
    population, deff, response_rate : what the steps assumed
    cells : names and shares of the groups and quotas that are filled separately, each with its own people to approach
    caution : what speaks against this number, in words; empty where nothing does

    Examples
    --------
    >>> from survey_design.size import size_for_proportion
    >>> size = size_for_proportion(0.5, 0.05, population=1000, response_rate=0.4)
    >>> size.n, size.n_to_approach, round(size.exact, 2)
    (278, 695, 277.73)
    >>> print(size.sentence())
    278 completed interviews estimate a share to within ±5 percentage points (95% confidence); 695 people must be approached at a response rate of 40%.
    """

    goal: Goal = field(kw_only=True)
    population: float | None = None
    deff: float = 1.0
    response_rate: float = 1.0
    cells: tuple[tuple[Text, float], ...] = ()
    by_quota: bool = False
    caution: Text = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Interviews to complete."""
        return int(self.frame["n_rounded"].iloc[-1])

    @property
    def n_to_approach(self) -> int:
        """People to ask, before non-response."""
        return int(self.frame["n_to_approach"].iloc[-1])

    @property
    def exact(self) -> float:
        """Interviews before any rounding: after the finite population and the design effect."""
        return float(self.step("design")["n"])

    @property
    def n_by_cell(self) -> dict[str, int]:
        """Interviews of each group and quota; they add up to :attr:`n`."""
        filled = _filled(self.exact, [share for _, share in self.cells], self.goal)
        return {say(name, self.language): n for (name, _), n in zip(self.cells, filled, strict=True)}

    @property
    def to_approach_by_cell(self) -> dict[str, int]:
        """People to ask in each group and quota; they add up to :attr:`n_to_approach`."""
        return {name: round_up(n / self.response_rate) for name, n in self.n_by_cell.items()}

    @property
    def achieved(self) -> float:
        """The margin or power of the final n, with the design effect and the finite population."""
        return self.reached(self.n)

    def step(self, name: str) -> pd.Series:
        """One row of the ledger: "base", "population", "design", "response" or "quotas"."""
        return self.frame.iloc[list(STEPS).index(name)]

    def reached(self, n: float) -> float:
        """The margin or power of n completed interviews under the same design."""
        effective = effective_n(n, population=self.population, deff=self.deff, finite=self.goal.finite)
        return float(self.goal.reach(effective, independent_n(n, self.deff)))

    def curve(self, sizes: Sequence[int] | None = None) -> pd.DataFrame:
        """Precision, or power, against n: columns ``n`` and ``margin`` or ``power``.

        Parameters
        ----------
        sizes : whole numbers; without them about 60 between a quarter and three times :attr:`n`
        """
        if sizes is None:
            most = 3 * self.n if self.population is None else min(3 * self.n, int(self.population))
            few = max(self.goal.least, self.n // 4)
            sizes = sorted({*np.unique(np.linspace(few, max(most, self.n), 60).round().astype(int)).tolist(), self.n})
        return pd.DataFrame({"n": sizes, self.goal.measure: [self.reached(n) for n in sizes]})

    def title(self) -> str:
        what = say(self.goal.what, self.language)
        if self.language == "zh":
            return f"样本量（{what}）：完成 {self.n:,} 份访谈"
        return f"Sample size for {what}: {counted(self.n, 'interview')}"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("step", {"en": "step", "zh": "步骤"}, words=STEPS),
            Column("formula", {"en": "formula", "zh": "公式"}, words={_NOT_APPLIED["en"]: _NOT_APPLIED}),
            Column("factor", {"en": "factor", "zh": "系数"}, "number", decimals=3),
            Column("n", {"en": "n, exact", "zh": "n（未取整）"}, "number"),
            Column("n_rounded", {"en": "interviews", "zh": "完成访谈数"}, "count"),
            Column("n_to_approach", {"en": "to approach", "zh": "需接触人数"}, "count"),
        )

    def sentence(self, language: Language | None = None) -> str:
        """The answer in one sentence, in the result's language or another."""
        tongue = language or self.language
        said = (_sentence_zh if tongue == "zh" else _sentence_en)(self)
        said += "" if self.response_rate == 1 else _approach(self, tongue)
        but = say(self.caution, tongue)
        return said if not but else f"{said}但{but}。" if tongue == "zh" else f"{said} But {but}."

    def note(self) -> str:
        goal, zh = self.goal, self.language == "zh"
        level = f"{100 * goal.level:.4g}%"
        reached = goal.show(self.achieved, self.language)
        wanted = goal.show(goal.target, self.language)
        if goal.measure == "margin":
            head = f"置信水平 {level}，目标误差 {wanted}，实际达到 {reached}" if zh else (
                f"{level} confidence, wanted {wanted}, achieved {reached}")  # fmt: skip
        else:
            risk = f"{100 * (1 - goal.level):.4g}%"
            head = f"显著性水平 {risk}，目标功效 {wanted}，实际达到 {reached}" if zh else (
                f"significance level {risk}, power wanted {wanted}, achieved {reached}")  # fmt: skip
        parts = [head, *self._filled_words(), say(goal.assumed, self.language), say(goal.method, self.language)]
        if self.population is not None and goal.finite != "none":
            parts.append(say(_FINITE_WORDS[goal.measure], self.language))
        if self.by_quota:
            parts.append(say(_QUOTA_WORDS, self.language))
        parts.append(say(self.caution, self.language))
        source = f"来源：{goal.source}" if zh else f"Source: {goal.source}"
        stop, end = ("；", "。") if zh else ("; ", ".")
        return stop.join(filter(None, parts)) + end + (("" if zh else " ") + source + end if goal.source else "")

    def plot(self, ax: Axes | None = None) -> Axes:
        """The margin or power against n, with the chosen n marked."""
        from survey_design.plots.size import draw_size

        return draw_size(self, ax)

    def _filled_words(self) -> list[str]:
        """How the interviews are shared out, where that is more than one cell and few enough to read."""
        if not 1 < len(self.cells) <= 8:
            return []
        zh, counts = self.language == "zh", self.n_by_cell
        if len(set(counts.values())) == 1 and not self.goal.groups:
            each = next(iter(counts.values()))
            return [f"{len(counts)} 个配额，各 {each:,}" if zh else f"{each:,} in each of {len(counts)} quotas"]
        comma, colon = ("，", "：") if zh else (", ", ": ")
        return [comma.join(f"{name}{colon}{n:,}" for name, n in counts.items())]


_FINITE_WORDS: Mapping[str, Text] = {
    "margin": {
        "en": "this takes an interval with the finite population correction √(1 − n/N)",
        "zh": "计算区间时须作有限总体校正 √(1 − n/N)",
    },
    "power": {
        "en": "this takes a test with the finite population correction √(1 − n/N); an ordinary test finds less",
        "zh": "检验须作有限总体校正 √(1 − n/N)，普通检验的功效较低",
    },
}
_QUOTA_WORDS: Text = {
    "en": "with quotas the figure holds if those asked within a quota stand for all its people, which quotas cannot show",
    "zh": "采用配额时，上述数值以“配额内受访者能代表该类人群”为前提，配额本身无法证明这一点",
}


def write_ledger(
    base: float | None,
    goal: Goal,
    *,
    population: float | None = None,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:
    """From the n of a simple random sample to the number of people to approach, one step after the other.

    Parameters
    ----------
    base : float or None
        Interviews that a simple random sample from an endless population needs, not rounded. None: found from
        ``goal.reach`` by bisection.
    goal : Goal
    population : float, optional
        How many people there are; without it the population is endless.
    deff : float
        Variance under the planned design over that of a simple random sample of the same size, drawn without
        replacement from the same population (Kish). Interviews in stores: :func:`design_effect`.
    response_rate : float
        Share of those approached who complete the interview.
    quotas : int, sequence or mapping
        How many equal quotas, or their shares, or shares by name; each quota is rounded up on its own. In a comparison
        they are filled within each group.

    Returns
    -------
    SampleSize

    Notes
    -----
    With n₀ the base, N the population and D the design effect::

        population   n₁ = n₀ / (1 + n₀/N)           for a mean; for a proportion n₀ / (1 + (n₀ − 1)/N)
        design       n₂ = D n₁ / (1 + (D − 1) n₁/N)    D n₁ if the population is endless
        response     approached = n₂ / response rate
        quotas       n = sum of the quotas, each rounded up; approached = sum of (quota / response rate), each rounded up

    The denominator of the design step keeps the variance exact: ``D (1/n₂ − 1/N) = 1/n₁ − 1/N``. The plain product
    ``D n₁`` of many handbooks overshoots, and may ask for more people than there are. Where degrees of freedom (or what
    stands for them, as n − 3 does on Fisher's scale) follow from n, steps two and three are solved again with those of
    min(n, n/D) interviews, and the formula says ``df → n``. The population correction must then be used in the analysis,
    as a :class:`~survey_design.sampling.design.SampleDesign` with ``population`` does. Numbers are rounded up, except
    that 385.0000000001 is 385. The groups of a comparison are quotas of their own.

    Raises
    ------
    SpecError
        If the steps lead to more people than the population has, with what it can give.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd ed., eq. 4.2 and 4.6. Kish (1965), Survey Sampling, ch. 8.

    Examples
    --------
    >>> mean = Goal({"en": "a mean", "zh": "均值"}, lambda effective, n: 1.96 * 1.2 / effective**0.5, 0.2)
    >>> size = write_ledger((1.96 * 1.2 / 0.2) ** 2, mean, population=1500, deff=1.4, response_rate=0.5, quotas=4)
    >>> [(step, round(n, 1)) for step, n in zip(size.frame["step"], size.frame["n"])]
    [('base', 138.3), ('population', 126.6), ('design', 171.5), ('response', 171.5), ('quotas', 172.0)]
    >>> size.n, size.n_to_approach, round(size.achieved, 4)
    (172, 344, 0.1997)
    """
    _check_steps(goal, population, deff, response_rate)
    start = solved_base(goal) if base is None else check_number("base", base, 0, _MOST, "the n of a simple sample")
    shares, by_quota = _quota_shares(quotas)
    cells = tuple(_crossed(goal.groups, shares))
    rows = _rows_before_response(goal, start, population, deff)
    frame = pd.DataFrame([*rows, *_rows_after(goal, rows[-1][3], response_rate, cells)], columns=_FRAME)
    size = SampleSize(
        frame, goal=goal, population=population, deff=deff, response_rate=response_rate, cells=cells, by_quota=by_quota
    )
    _refuse_too_many(size)
    return size


# --- pieces that other sizes share -------------------------------------------------------------------------


def round_up(n: float) -> int:
    """The next whole number, where noise of the last digits counts as nothing.

    >>> round_up(384.15), round_up(385.0000000001), round_up(385)
    (385, 385, 385)
    """
    return math.ceil(n - 1e-9 * max(1.0, n / 1000))


def figure(value: float) -> str:
    """A number with four significant digits, for formulas and sentences.

    >>> figure(553.17007), figure(0.2), figure(12345.6), figure(1e6)
    ('553.2', '0.2', '12,346', '1,000,000')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def check_number(
    name: str, value: Any, low: float, high: float, advice: str, *, ends: Literal["()", "[)", "[]"] = "()"
) -> float:
    """The value as a float, refused unless it is finite and lies between two bounds; ``ends`` says which of them count.

    >>> check_number("sd", 0, 0, float("inf"), "the standard deviation")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: sd=0 cannot be used: it must be a number above 0 (the standard deviation).
    >>> check_number("icc", 2, 0, 1, "the intraclass correlation", ends="[]")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: icc=2 cannot be used: it must be a number from 0 to 1 (the intraclass correlation).
    """
    real = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value))
    at_an_end = real and ((value == low and ends != "()") or (value == high and ends == "[]"))
    if real and (low < float(value) < high or at_an_end):
        return float(value)
    raise SpecError(f"{name}={value!r} cannot be used: it must be a number{_range_words(low, high, ends)} ({advice}).")


def _range_words(low: float, high: float, ends: str) -> str:
    """ " above 0", " of 1 or more", " between 0 and 1", " from 0 to 1"; nothing where there are no bounds."""
    endless_below, endless_above = low == -math.inf, high == math.inf
    if endless_below:
        return "" if endless_above else f" below {high:g}"
    if endless_above:
        return f" above {low:g}" if ends == "()" else f" of {low:g} or more"
    words = {"()": "between {:g} and {:g}", "[)": "of {:g} or more and below {:g}", "[]": "from {:g} to {:g}"}
    return " " + words[ends].format(low, high)


def counted(count: float, noun: str, several: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "interview"), counted(1200, "interview"), counted(2, "person", "people")
    ('1 interview', '1,200 interviews', '2 people')
    """
    return f"{count:,.0f} {noun if count == 1 else several or noun + 's'}"


def design_effect(per_cluster: float, icc: float, *, cv: float = 0.0) -> float:
    """How many times the variance grows because respondents of one store resemble each other.

    ``deff = 1 + (m (1 + cv²) − 1) icc``, with m interviews in a store on average.

    Parameters
    ----------
    per_cluster : interviews in each store, on average
    icc : intraclass correlation: the share of all variance that lies between stores
    cv : coefficient of variation of the interviews per store; 0 if every store gives the same number

    References
    ----------
    Kish (1965), Survey Sampling, section 5.4. Eldridge, Ashby and Kerry (2006), Int. J. Epidemiol. 35, 1292-1300,
    doi:10.1093/ije/dyl129, for unequal sizes.

    Examples
    --------
    Five per store, then twenty, with little that stores share:

    >>> round(design_effect(5, 0.1), 10), round(design_effect(20, 0.05), 10)
    (1.4, 1.95)
    """
    m = check_number("per_cluster", per_cluster, 0, math.inf, "interviews in each store")
    if m < 1:
        raise SpecError(f"per_cluster={per_cluster!r} cannot be used: a store that counts has at least 1 interview.")
    rho = check_number("icc", icc, 0, 1, "the intraclass correlation", ends="[]")
    spread = check_number("cv", cv, 0, math.inf, "standard deviation over mean of the interviews per store", ends="[)")
    return 1 + (m * (1 + spread**2) - 1) * rho


def effective_n(n: float, *, population: float | None = None, deff: float = 1.0, finite: Finite = "mean") -> float:
    """The simple random sample from an endless population that n interviews are worth; infinite if all were asked.

    ``n / (deff × (N − n)/N)``; for a proportion (N − n)/(N − 1), since its variance is ``N/(N − 1) p (1 − p)``.

    >>> effective_n(100, population=200, deff=1.6)
    125.0
    """
    if population is None or finite == "none":
        return n / deff
    left = (population - n) / (population - (finite == "proportion"))
    return math.inf if left <= 0 else n / (deff * left)


def independent_n(n: float, deff: float = 1.0) -> float:
    """How many interviews drawn one by one tell as much about a spread as n do: ``min(n, n/deff)``.

    Degrees of freedom are counted from these. A finite population makes the error smaller, not its estimate surer, and
    so adds none: eighteen of thirty identical pairs leave 17 degrees of freedom.

    >>> independent_n(36, deff=2), independent_n(36, deff=0.8)
    (18.0, 36)
    """
    return min(n, n / deff)


def bisect(is_met: Callable[[float], bool], low: float, high: float) -> float:
    """The smallest number at which a condition holds that fails below it and holds above, to the last digits.

    >>> round(bisect(lambda x: x * x >= 2, 0, 2), 12)
    1.414213562373
    """
    while high - low > 4e-16 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if is_met(middle) else (middle, high)
    return high


def solved_base(goal: Goal) -> float:
    """The n of a simple random sample from an endless population at which a goal is met, not rounded."""
    low = high = float(goal.least)
    while not goal.is_met(goal.reach(high, high)):
        low, high = high, 2 * high
        if high > _MOST:
            raise SpecError(
                f"{say(goal.what, 'en')}: no sample up to {_MOST:,.0f} reaches {goal.show(goal.target, 'en')}. "
                "Look for a slip in the margin or the difference, or ask for less."
            )
    return high if low == high else bisect(lambda n: goal.is_met(goal.reach(n, n)), low, high)


# --- the steps ---------------------------------------------------------------------------------------------


def _check_steps(goal: Goal, population: float | None, deff: float, response_rate: float) -> None:
    check_number("deff", deff, 0, math.inf, "the design effect; 1 for a simple random sample")
    if response_rate != 1:
        check_number("response_rate", response_rate, 0, 1, "the share who answer; 1 if everyone does")
    if population is None:
        return
    check_number("population", population, 0, math.inf, "how many people there are; leave it out if very many")
    smallest = max(2, goal.least)
    if population < smallest:
        raise SpecError(f"population={population!r} is smaller than {smallest}, the least that can be sampled here. "
                        "Ask everyone, and say so.")  # fmt: skip


def _rows_before_response(goal: Goal, base: float, population: float | None, deff: float) -> list[_Row]:
    """Base, finite population and design effect: the steps that follow from the variance."""
    limited = None if goal.finite == "none" else population
    reduced = _for_population(base, limited, goal.finite)
    spread = deff * reduced if limited is None else deff * reduced / (1 + (deff - 1) * reduced / limited)
    finite, designed = _with_own_df(goal, reduced, limited, 1.0), _with_own_df(goal, spread, limited, deff)
    formulas = (
        goal.formula,
        _population_formula(goal, base, population) + _own_df(reduced, finite),
        _design_formula(reduced, limited, deff) + _own_df(spread, designed),
    )
    factors, sizes = (math.nan, finite / base, designed / finite), (base, finite, designed)
    names = list(STEPS)[:3]
    return [(*row, _whole(row[3], goal), math.nan) for row in zip(names, formulas, factors, sizes, strict=True)]


def _rows_after(goal: Goal, n: float, rate: float, cells: Sequence[tuple[Text, float]]) -> list[_Row]:
    """Response rate and quotas: the steps that follow from the field."""
    whole, each = _whole(n, goal), _filled(n, [share for _, share in cells], goal)
    filled, asked = sum(each), sum(round_up(count / rate) for count in each)
    return [
        ("response", f"{whole:,} / {rate:g}", 1 / rate, n, whole, round_up(whole / rate)),
        ("quotas", _quota_formula(n, cells, goal), filled / n, filled, filled, asked),
    ]


def _for_population(base: float, population: float | None, finite: Finite) -> float:
    if population is None:
        return base
    return base / (1 + (base - (finite == "proportion")) / population)


def _with_own_df(goal: Goal, n: float, population: float | None, deff: float) -> float:
    """n such that the goal is met with the degrees of freedom that belong to this n, rather than to the base n."""

    def is_met(n: float) -> bool:
        effective = effective_n(n, population=population, deff=deff, finite=goal.finite)
        return goal.is_met(goal.reach(effective, independent_n(n, deff)))

    if not goal.reads_df or (population is None and deff >= 1):
        return n
    low, high = n * (1 - 1e-9), max(n * (1 + 1e-9), goal.least)
    if is_met(low):
        return n
    while not is_met(high):
        if population is not None and high >= population:
            return float(population)
        high = 2 * high if population is None else min(2 * high, population)
    return bisect(is_met, low, high)


def _whole(n: float, goal: Goal) -> int:
    return max(goal.least, math.floor(n + 0.5) if goal.rounding == "nearest" else round_up(n))


def _filled(n: float, shares: Sequence[float], goal: Goal) -> list[int]:
    """Interviews of each cell: its share, rounded up."""
    return [_whole(n, goal)] if len(shares) == 1 else [round_up(max(n, goal.least) * share) for share in shares]


def _quota_shares(quotas: Quotas) -> tuple[list[tuple[Text, float]], bool]:
    """Names and shares of the quotas, and whether there is more than one."""
    if isinstance(quotas, (int, np.integer)) and not isinstance(quotas, bool):
        if quotas < 1:
            raise SpecError(
                f"quotas={quotas!r} cannot be used: give a whole number of equal quotas, 1 or more, or their shares."
            )
        count = int(quotas)
        return [(_quota_name(k), 1 / count) for k in range(1, count + 1)], count > 1
    if isinstance(quotas, Mapping):
        named: list[tuple[Text, Any]] = [({"en": str(name), "zh": str(name)}, share) for name, share in quotas.items()]
    elif isinstance(quotas, Sequence) and not isinstance(quotas, str):
        named = [(_quota_name(k), share) for k, share in enumerate(quotas, start=1)]
    else:
        raise SpecError(
            f"quotas={quotas!r} cannot be used: give how many equal quotas, or a list or mapping of shares."
        )
    bad = [
        f"{say(name, 'en')}: {share!r}"
        for name, share in named
        if not isinstance(share, (int, float)) or not 0 < share <= 1
    ]
    if bad or not math.isclose(sum(share for _, share in named), 1, abs_tol=1e-6):
        told = f" Not a share between 0 and 1: {'; '.join(bad)}." if bad else ""
        raise SpecError(f"quotas={quotas!r} cannot be used: shares must be above 0 and add up to 1.{told}")
    return [(name, float(share)) for name, share in named], len(named) > 1


def _quota_name(number: int) -> Text:
    return {"en": f"quota {number}", "zh": f"配额 {number}"}


def _crossed(groups: Sequence[tuple[Text, float]], quotas: Sequence[tuple[Text, float]]) -> list[tuple[Text, float]]:
    """Every quota within every group."""
    if not groups or len(quotas) == 1:
        return list(groups or quotas)
    return [
        ({language: f"{say(group, language)} · {say(quota, language)}" for language in ("en", "zh")}, share * part)
        for group, share in groups
        for quota, part in quotas
    ]


def _population_formula(goal: Goal, base: float, population: float | None) -> str:
    if population is None:
        return "N = ∞"
    if goal.finite == "none":
        return _NOT_APPLIED["en"]
    size, n = figure(population), figure(base)
    return f"{n} / (1 + ({n} − 1) / {size})" if goal.finite == "proportion" else f"{n} / (1 + {n} / {size})"


def _design_formula(n: float, population: float | None, deff: float) -> str:
    if population is None or deff == 1:
        return f"{figure(n)} × {deff:g}"
    sign = "+" if deff > 1 else "−"
    return f"{figure(n)} × {deff:g} / (1 {sign} {figure(abs(deff - 1))} × {figure(n)} / {figure(population)})"


def _own_df(plain: float, n: float) -> str:
    """What the degrees of freedom of the new n make of the arithmetic before them."""
    return "" if figure(plain) == figure(n) else f" = {figure(plain)}, df → {figure(n)}"


def _quota_formula(n: float, cells: Sequence[tuple[Text, float]], goal: Goal) -> str:
    shares = [share for _, share in cells]
    if len(shares) == 1:
        return f"⌈{figure(n)}⌉" if goal.rounding == "up" else f"{n:,.2f} ≈ {_whole(n, goal):,}"
    if max(shares) - min(shares) < 1e-12:
        return f"{len(shares)} × ⌈{figure(n)} / {len(shares)}⌉"
    parts = [f"⌈{figure(n)} × {share:.4g}⌉" for share in shares]
    return " + ".join(parts if len(parts) <= 4 else [*parts[:2], "…", parts[-1]])


def _refuse_too_many(size: SampleSize) -> None:
    population = size.population
    if population is None or size.goal.finite == "none":
        return
    needed, most = size.n_to_approach, int(population * size.response_rate + 1e-9)
    if needed <= population:
        return
    told = f"{counted(most, 'interview')} at most" if most else "no interview"
    if most >= max(size.goal.least, 2):
        told += f", which gives {size.goal.show(size.reached(most), 'en')}"
    raise SpecError(
        f"population={population:,.0f} is too small: {counted(size.n, 'interview')} mean approaching {needed:,} people. "
        f"A population of {population:,.0f} gives {told}. Ask for less, raise the response rate or use fewer quotas."
    )


# --- words -------------------------------------------------------------------------------------------------


def _sentence_en(size: SampleSize) -> str:
    goal, level = size.goal, f"{100 * size.goal.level:.4g}%"
    what, effect = say(goal.what, "en"), say(goal.effect, "en")
    if goal.measure == "margin":
        sharp = goal.show(max(goal.target, size.achieved), "en")
        return (
            f"{counted(size.n, 'completed interview')} {'estimates' if size.n == 1 else 'estimate'} {what} to within {sharp} ({level} confidence)"
            + _end(size, "en")
        )
    risk = f"{100 * (1 - goal.level):.4g}%"
    return (
        f"{counted(size.n, 'completed interview')} {'finds' if size.n == 1 else 'find'} {effect or what} with a power of {goal.show(size.achieved, 'en')} (significance level {risk})"
        + _end(size, "en")
    )


def _sentence_zh(size: SampleSize) -> str:
    goal, level = size.goal, f"{100 * size.goal.level:.4g}%"
    what, effect = say(goal.what, "zh"), say(goal.effect, "zh")
    if goal.measure == "margin":
        sharp = goal.show(max(goal.target, size.achieved), "zh")
        return f"完成 {size.n:,} 份访谈，可在 {level} 置信水平下将{what}的误差控制在 {_joint(sharp)}以内" + _end(
            size, "zh"
        )
    risk = f"{100 * (1 - goal.level):.4g}%"
    return (
        f"完成 {size.n:,} 份访谈，在 {risk} 显著性水平下发现{_joint(effect or what)}的功效为 {goal.show(size.achieved, 'zh')}"
        + _end(size, "zh")
    )


def _joint(words: str) -> str:
    """Words of a Chinese sentence before a Chinese character: a blank after a figure."""
    return words if words[-1:] > "\u2e80" else f"{words} "


def _end(size: SampleSize, language: str) -> str:
    return "" if size.response_rate < 1 else "。" if language == "zh" else "."


def _approach(size: SampleSize, language: str) -> str:
    rate = f"{100 * size.response_rate:.4g}%"
    if language == "zh":
        return f"；按应答率 {rate} 计算，需接触 {size.n_to_approach:,} 人。"
    return f"; {counted(size.n_to_approach, 'person', 'people')} must be approached at a response rate of {rate}."
