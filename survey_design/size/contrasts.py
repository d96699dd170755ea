"""How does the error of a mean, a share or a difference fall as n grows, and what does a test then find?

Quantiles and power of t and z tests, the variance of means and of differences, and the goals that follow. Everything
here is arithmetic on planning values; the questions are asked in ``power`` and ``precision``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from survey_design.errors import SpecError, check_choice
from survey_design.results import Text, say
from survey_design.size.ledger import Goal, check_number, figure

Quantile = Literal["t", "z"]
Alternative = Literal["two-sided", "one-sided"]
ProportionTest = Literal["pooled", "arcsine"]
Reach = Callable[[float, float], float]

ALTERNATIVES: Mapping[str, Text] = {
    "two-sided": {"en": "two-sided", "zh": "双侧"},
    "one-sided": {"en": "one-sided", "zh": "单侧"},
}
QUANTILES: Mapping[str, Text] = {
    "t": {
        "en": "Student's t, since sd is estimated from the same answers",
        "zh": "Student t（标准差由同一批数据估计）",
    },
    "z": {"en": "normal quantile, as if sd were known", "zh": "正态分位数（视标准差为已知）"},
}
PROPORTION_TESTS: Mapping[str, Text] = {
    "pooled": {"en": "z test of two shares, pooled variance", "zh": "两比例 z 检验（合并方差）"},
    "arcsine": {"en": "z test on the arcsine scale (Cohen's h)", "zh": "反正弦变换 z 检验（Cohen's h）"},
}
POWER = 0.8  # where none is asked for
COCHRAN = "Cochran (1977), Sampling Techniques, 3rd ed., ch. 4"
COHEN = "Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., ch. 2 and 6"


# --- what is tested ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Test:
    """The risk that a test may run, and whether it looks at both sides.

    >>> round(Test(0.95).power(0.5 * 20**0.5, 19), 6), round(Test(0.95).power(0.2 * 50**0.5), 6)
    (0.564504, 0.292989)
    """

    __test__ = False  # not a test of this project

    level: float = 0.95
    alternative: Alternative = "two-sided"

    def __post_init__(self) -> None:
        check_number("level", self.level, 0, 1, "the confidence; write 0.95 for 95%")
        check_choice("alternative", self.alternative, Alternative)

    def quantile(self, df: float = math.inf) -> float:
        """The t quantile of an interval or test; the normal one if df is infinite, and infinite without any df.

        >>> (
        ...     round(Test(0.95).quantile(), 4),
        ...     round(Test(0.95).quantile(4), 4),
        ...     round(Test(0.95, "one-sided").quantile(), 4),
        ... )
        (1.96, 2.7764, 1.6449)
        """
        from scipy.special import ndtri, stdtrit

        if df <= 0:
            return math.inf
        below = (1 + self.level) / 2 if self.alternative == "two-sided" else self.level
        return float(ndtri(below) if math.isinf(df) else stdtrit(df, below))

    def power(self, shift: float, df: float = math.inf) -> float:
        """Power of a test whose t statistic (z, if df is infinite) is shifted by ``shift``; both tails count."""
        from scipy.special import ndtr

        if df <= 0:
            return 0.0
        critical = self.quantile(df)
        if math.isinf(df) or math.isinf(shift):
            above, below = float(ndtr(shift - critical)), float(ndtr(-critical - shift))
        else:
            from scipy.stats import nct  # scipy.special.nctdtr gives nan far out

            above, below = float(nct.sf(critical, df, shift)), float(nct.sf(critical, df, -shift))
        return above + below if self.alternative == "two-sided" else above

    def check_power(self, power: float) -> None:
        """Refuse a power that needs no interviews, or an endless number."""
        check_number("power", power, 1 - self.level, 1,
                     "the chance to find the difference; as much as the significance level comes without any interview")  # fmt: skip


@dataclass(frozen=True)
class Sharing:
    """How two samples divide the interviews, and which people are in both."""

    ratio: float = 1.0
    overlap: float = 0.0
    r: float = 0.0
    comparisons: int = 1

    def __post_init__(self) -> None:
        check_number("ratio", self.ratio, 0, math.inf, "interviews in the second group per interview in the first")
        check_number("r", self.r, -1, 1, "the correlation of two answers of the same people")
        if self.overlap not in (0, 1):
            check_number(
                "overlap", self.overlap, 0, 1, "the share of the smaller sample that is in both; 0 and 1 count"
            )
        if not isinstance(self.comparisons, (int, np.integer)) or self.comparisons < 1:
            raise SpecError(f"comparisons={self.comparisons!r} cannot be used: give a whole number, 1 or more.")
        if self.r and not self.overlap:
            raise SpecError(f"r={self.r!r} is the correlation of the answers of people in both samples, and without overlap "
                            "there are none. Give overlap, or leave r out.")  # fmt: skip

    def refuse_impossible(self, p1: float, p2: float) -> None:
        """Refuse a correlation that no two yes/no answers with these shares can have."""
        low, high = possible_r(p1, p2)
        if self.overlap and not low - 1e-9 <= self.r <= high + 1e-9:
            raise SpecError(
                f"r={self.r!r} cannot be: yes/no answers of the same people with shares {figure(p1)} and {figure(p2)} "
                f"correlate between {figure(low)} and {figure(high)}. Give an r in this range."
            )

    @property
    def first(self) -> float:
        """Share of the interviews that the first group has."""
        return 1 / (1 + self.ratio)

    @property
    def second(self) -> float:
        return self.ratio / (1 + self.ratio)

    def level(self, level: float) -> float:
        """The level of each comparison, so that all of them together keep the level (Bonferroni)."""
        level = check_number("level", level, 0, 1, "the confidence; write 0.95 for 95%")
        return level if self.comparisons == 1 else 1 - (1 - level) / self.comparisons

    def variance(self, s1: float, s2: float) -> float:
        """n times the variance of the difference, n counting both samples."""
        covariance = self.overlap * self.r * s1 * s2 / max(self.first, self.second)
        return s1**2 / self.first + s2**2 / self.second - 2 * covariance

    def groups(self, names: tuple[Text, Text]) -> tuple[tuple[Text, float], ...]:
        return (names[0], self.first), (names[1], self.second)

    def words(self) -> Text:
        parts: list[Text] = []
        if self.ratio != 1:
            parts.append(
                {"en": f"ratio of the groups 1 : {figure(self.ratio)}", "zh": f"两组人数之比 1 : {figure(self.ratio)}"}
            )
        if self.overlap:
            share = f"{100 * self.overlap:.4g}%"
            parts.append({"en": f"{share} of the smaller sample in both, r = {figure(self.r)}",
                          "zh": f"较小样本中 {share} 的人同时在两个样本中，r = {figure(self.r)}"})  # fmt: skip
        if self.comparisons > 1:
            parts.append({"en": f"{self.comparisons} comparisons, significance level of each divided by {self.comparisons} (Bonferroni)",
                          "zh": f"{self.comparisons} 次比较，每次显著性水平除以 {self.comparisons}（Bonferroni）"})  # fmt: skip
        return joined(parts)


@dataclass(frozen=True)
class Contrast:
    """A mean, or a difference of means, as planning sees it: how its error falls and its degrees of freedom grow.

    What n interviews are worth comes in two numbers, see :class:`~survey_design.size.ledger.Goal`.

    Attributes
    ----------
    variance : n times the variance of the estimate
    df : function n -> degrees of freedom; infinite for a normal quantile
    least : the smallest n that has an error
    sd : the standard deviation in which an effect is measured
    """

    variance: float
    df: Callable[[float], float]
    least: int
    sd: float

    def se(self, effective: float) -> float:
        """Standard error of as many interviews of a simple random sample."""
        return math.sqrt(self.variance / effective)

    def margin(self, test: Test) -> Reach:
        """Half the width of the interval, as a function of what n is worth."""

        def reach(effective: float, independent: float) -> float:
            return 0.0 if math.isinf(effective) else test.quantile(self.df(independent)) * self.se(effective)

        return reach

    def power(self, difference: float, test: Test) -> Reach:
        """The chance to find a difference, as a function of what n is worth."""

        def reach(effective: float, independent: float) -> float:
            everyone = math.isinf(effective)
            return 1.0 if everyone else test.power(difference / self.se(effective), self.df(independent))

        return reach


def one_sample(sd: float, quantile: Quantile = "t") -> Contrast:
    """A mean, or the mean of paired differences, from its standard deviation."""
    check_choice("quantile", quantile, Quantile)
    return Contrast(sd**2, lambda n: n - 1, 2, sd) if quantile == "t" else Contrast(sd**2, _endless, 1, sd)


def two_samples(
    sds: tuple[float, float], shared: Sharing = Sharing(), quantile: Quantile = "t", *, pooled: bool = False
) -> Contrast:
    """A difference of two means, n interviews together; ``pooled`` takes the degrees of freedom of equal variances.

    >>> round(two_samples((1, 1), pooled=True).df(128), 9), round(two_samples((1, 1), Sharing(overlap=1)).df(128), 9)
    (126.0, 63.0)
    """
    check_choice("quantile", quantile, Quantile)
    s1, s2 = sds

    def df(n: float) -> float:
        n1, n2 = shared.first * n, shared.second * n
        independent = n1 + n2 - 2 if pooled else _welch_df(s1, s2, n1, n2)
        return _overlap_df(n1, n2, shared.overlap * min(n1, n2), independent)

    least = math.ceil(2 / min(shared.first, shared.second) - 1e-9) if quantile == "t" else 2
    pooled_sd = math.sqrt((s1**2 + s2**2) / 2)
    return Contrast(shared.variance(s1, s2), df if quantile == "t" else _endless, least, pooled_sd)


def share_power(shares: tuple[float, float], test: Test, method: ProportionTest, shared: Sharing = Sharing()) -> Reach:
    """Power to tell two shares apart, n counting both groups; see :func:`size_for_comparison`."""
    check_choice("method", method, ProportionTest)
    p1, p2 = shares
    if method == "arcsine":
        return two_samples((1.0, 1.0), shared, "z").power(effect_h(p1, p2), test)
    null, own = share_spreads(shares, shared)

    def reach(effective: float, independent: float) -> float:
        from scipy.special import ndtr

        return float(ndtr((math.sqrt(effective) * abs(p1 - p2) - test.quantile() * null) / own))

    return reach


def share_spreads(shares: tuple[float, float], shared: Sharing = Sharing()) -> tuple[float, float]:
    """√n times the standard error of a difference of shares: as if both were equal, and as they are."""
    p1, p2 = shares
    middle = sd_of(shared.first * p1 + shared.second * p2)
    return math.sqrt(shared.variance(middle, middle)), math.sqrt(shared.variance(sd_of(p1), sd_of(p2)))


def effect_h(p1: float, p2: float) -> float:
    """Cohen's h, the distance of two shares on the arcsine scale, without its sign.

    >>> round(effect_h(0.6, 0.5), 6)
    0.201358
    """
    return 2 * abs(math.asin(math.sqrt(p1)) - math.asin(math.sqrt(p2)))


def possible_r(p1: float, p2: float) -> tuple[float, float]:
    """The correlations that two yes/no answers of the same people can have, given their shares.

    The share who say yes twice lies between ``max(0, p1 + p2 − 1)`` and ``min(p1, p2)``; less ``p1 p2``, over both
    standard deviations. Only equal shares reach 1.

    References
    ----------
    Fréchet (1951), Sur les tableaux de corrélation dont les marges sont données, Ann. Univ. Lyon A 14, 53-77. Checked
    against the two extreme tables of answers (tests/test_size.py).

    >>> [round(r, 4) for r in possible_r(0.1, 0.9)], [round(r, 4) for r in possible_r(0.7, 0.75)]
    ([-1.0, 0.1111], [-0.378, 0.8819])
    """
    spread = sd_of(p1) * sd_of(p2)
    return (max(0.0, p1 + p2 - 1) - p1 * p2) / spread, (min(p1, p2) - p1 * p2) / spread


def shares_beside(p: float, r: float) -> tuple[float, float]:
    """The smallest and largest share of a second yes/no answer that can correlate by r with one of share p.

    In odds: from ``r² o`` to ``o/r²`` for r above 0, from ``r²/o`` to ``1/(r² o)`` below; the other side of
    :func:`possible_r`.

    >>> [round(share, 4) for share in shares_beside(0.5, 0.6)], shares_beside(0.5, 0)
    ([0.2647, 0.7353], (0.0, 1.0))
    """
    odds = p / (1 - p) if r > 0 else (1 - p) / p
    low = odds * r**2
    return low / (1 + low), odds / (r**2 + odds)


def sd_of(p: float) -> float:
    """Standard deviation of a yes/no answer."""
    return math.sqrt(p * (1 - p))


def _endless(n: float) -> float:
    return math.inf


def _welch_df(s1: float, s2: float, n1: float, n2: float) -> float:
    if min(n1, n2) <= 1:
        return 0.0
    a, b = s1**2 / n1, s2**2 / n2
    return (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1))


def _overlap_df(n1: float, n2: float, both: float, independent: float) -> float:
    """Degrees of freedom of Derrick and others (2017): those of pairs, and of two samples for the people in one only."""
    return independent if both == 0 else both - 1 + (independent - both + 1) / (n1 + n2) * (n1 + n2 - 2 * both)


# --- from arguments to a goal ------------------------------------------------------------------------------


def mean_goal(
    contrast: Contrast,
    what: tuple[Text, Text],
    asked: tuple[str, float | None, float | None],
    power: float,
    test: Test,
    quantile: Quantile,
    assumed: Text,
    groups: tuple[tuple[Text, float], ...] = (),
) -> Goal:
    """The goal of a mean or a difference: by its margin, or by the power to find it.

    ``what`` names the estimate and the effect; ``asked`` is the argument's name for the effect, the margin, the effect.
    """
    name, margin, effect = asked
    shared: dict[str, Any] = {"what": what[0], "level": test.level, "least": contrast.least, "reads_df": quantile == "t",
                              "groups": groups, "assumed": assumed}  # fmt: skip
    check_one_of(name, margin, effect)
    root = math.sqrt(contrast.variance)
    if margin is not None:
        half = check_number("margin", margin, 0, math.inf, "half the width of the interval")
        check_two_sided(test)
        refuse_unused("a margin has no power: it is kept, not found", power=(power, POWER))
        formula = _margin_formula(root, half, test, quantile)
        return Goal(reach=contrast.margin(test), target=half, formula=formula, **shared,
                    method=QUANTILES[quantile], source=COCHRAN)  # fmt: skip
    size = check_number(name, effect, 0, math.inf, "the smallest that must not be missed, without its sign")
    test.check_power(power)
    found = {
        language: f"{say(what[1], language)}{' of ' if language == 'en' else ' '}{figure(size)}"
        for language in ("en", "zh")
    }
    formula = power_formula(quantile, test, size / root, power)
    return Goal(reach=contrast.power(size, test), target=power, measure="power", formula=formula, effect=found,
                **shared, method=t_words(test, quantile), source=COHEN)  # fmt: skip


def _margin_formula(root: float, margin: float, test: Test, quantile: Quantile) -> str:
    """The equation of the base n, and with Student's t what the normal quantile would have given."""
    z = test.quantile()
    if quantile == "z":
        return f"({figure(z)} × {figure(root)} / {figure(margin)})²"
    return f"(t(df) × {figure(root)} / {figure(margin)})² (z: {figure((z * root / margin) ** 2)})"


def power_formula(quantile: Quantile, test: Test, shift: float, power: float) -> str:
    """The equation that the base n solves: the shift of the statistic grows with the root of n."""
    statistic = f"|{quantile}|" if test.alternative == "two-sided" else quantile
    critical = "t(df)" if quantile == "t" else figure(test.quantile())
    return f"P({statistic} > {critical}; √n × {figure(shift)}) = {100 * power:.4g}%"


def check_one_of(name: str, margin: float | None, effect: float | None) -> None:
    """Refuse both or neither of a margin and an effect."""
    if (margin is None) == (effect is None):
        raise SpecError(
            f"Give either margin (how wide the interval may be) or {name} (what must be found, with power), "
            f"{'not both' if margin is not None else 'one of them'}."
        )


def refuse_unused(why: str, **given: tuple[Any, Any]) -> None:
    """Refuse arguments that would change nothing; each is given with its default.

    >>> refuse_unused("paired answers have one sample", ratio=(3, 1.0))
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: ratio=3 has no place here: paired answers have one sample. Leave it out.
    """
    unused = [f"{name}={value!r}" for name, (value, default) in given.items() if value != default]
    if unused:
        verb, them = ("has", "it") if len(unused) == 1 else ("have", "them")
        raise SpecError(f"{', '.join(unused)} {verb} no place here: {why}. Leave {them} out.")


def check_two_sided(test: Test) -> None:
    """Refuse a one-sided margin."""
    if test.alternative == "one-sided":
        raise SpecError(
            "alternative='one-sided' is for finding a difference; a margin has two sides. "
            f"For one bound at {100 * test.level:.4g}% ask for the margin at level={2 * test.level - 1:.4g}."
        )


def check_sizes(n: float | Sequence[float], least: int, population: float | None) -> list[float]:
    """The sizes as a list, every one of them between what an error takes and what there is."""
    if population is not None:
        check_number("population", population, 1, math.inf, "how many people there are; leave it out if very many")
    sizes: list[Any] = [n] if np.ndim(n) == 0 else list(n)  # type: ignore[arg-type]
    if not sizes:
        raise SpecError("n is empty: give one number of interviews, or several.")
    high = math.inf if population is None else population
    bad = [
        f"{size!r}"
        for size in sizes
        if not (isinstance(size, (int, float, np.integer)) and least <= size <= high and size < math.inf)
    ]
    if bad:
        limit = f" and at most the population of {population:,.0f}" if population is not None else ""
        raise SpecError(f"n={', '.join(bad)} cannot be used: interviews must be at least {least}{limit}.")
    return sizes


def gap_sd(sd_e: float, sd_p: float, r: float) -> float:
    """Standard deviation of the gap P − E over people who rated both: ``sqrt(sd_e² + sd_p² − 2 r sd_e sd_p)``.

    >>> round(gap_sd(0.6, 0.9, 0.5), 6)
    0.793725
    """
    e = check_number("sd_e", sd_e, 0, math.inf, "the standard deviation of expectations")
    p = check_number("sd_p", sd_p, 0, math.inf, "the standard deviation of perceptions")
    check_number("r", r, -1, 1, "the correlation of expectation and perception over respondents")
    return math.sqrt(e**2 + p**2 - 2 * r * e * p)


# --- words -------------------------------------------------------------------------------------------------


def joined(texts: Sequence[Text]) -> Text:
    """Several texts as one, in both languages."""
    return {
        language: stop.join(filter(None, (say(text, language) for text in texts)))
        for language, stop in (("en", "; "), ("zh", "；"))
    }


def design_words(population: float | None, deff: float) -> Text:
    """Population and design effect, where they change anything."""
    parts: list[Text] = []
    if population is not None:
        parts.append({"en": f"population {figure(population)}", "zh": f"总体 {figure(population)} 人"})
    if deff != 1:
        parts.append({"en": f"design effect {figure(deff)}", "zh": f"设计效应 {figure(deff)}"})
    return joined(parts)


def t_words(test: Test, quantile: Quantile) -> Text:
    return joined([QUANTILES[quantile], ALTERNATIVES[test.alternative]])


def z_words(test: Test, method: ProportionTest) -> Text:
    return joined([PROPORTION_TESTS[method], ALTERNATIVES[test.alternative]])
