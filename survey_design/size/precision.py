"""How many interviews keep a margin of error, and what margin do so many interviews give?

Means and shares of one sample, Yamane's and Krejcie and Morgan's tables, and :func:`precision_of`, the way back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from survey_design.errors import SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say
from survey_design.size.contrasts import (
    ALTERNATIVES,
    COCHRAN,
    COHEN,
    POWER,
    Alternative,
    Quantile,
    Reach,
    Sharing,
    Test,
    check_one_of,
    check_sizes,
    check_two_sided,
    design_words,
    effect_h,
    joined,
    mean_goal,
    one_sample,
    power_formula,
    refuse_unused,
    sd_of,
    two_samples,
)
from survey_design.size.ledger import (
    Goal,
    Quotas,
    SampleSize,
    check_number,
    counted,
    effective_n,
    figure,
    independent_n,
    write_ledger,
)
from survey_design.size.power import Pairing, gap_contrast, pair_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ProportionInterval = Literal["wald", "wilson", "clopper_pearson"]

INTERVALS: Mapping[str, Text] = {
    "wald": {"en": "Wald interval", "zh": "Wald 区间"},
    "wilson": {"en": "Wilson score interval at the expected share", "zh": "在预期比例处的 Wilson 得分区间"},
    "clopper_pearson": {
        "en": "Clopper-Pearson interval at the expected share",
        "zh": "在预期比例处的 Clopper-Pearson 区间",
    },
}
_SOURCES: Mapping[str, str] = {
    "wald": COCHRAN,
    "wilson": "Wilson (1927), doi:10.1080/01621459.1927.10502953",
    "clopper_pearson": "Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404",
}
_MEAN: Text = {"en": "a mean", "zh": "均值"}
_SHARE: Text = {"en": "a share", "zh": "比例"}
_GAP: Text = {"en": "a mean gap", "zh": "平均差距"}
_SHARES: Text = {"en": "a difference of two shares", "zh": "两组比例之差"}
_ENOUGH = 10.0  # of the rarer answer, expected, for a Wald interval that may be trusted
_YAMANE: Text = {
    "en": "Yamane's shortcut assumes one yes/no question at p = 0.5, z = 2 (95.45% confidence) and a simple random sample",
    "zh": "Yamane 简式假定：单一是非题且 p = 0.5，z = 2（置信水平 95.45%），简单随机抽样",
}
_KREJCIE: Text = {
    "en": "Krejcie and Morgan's table assumes one yes/no question at p = 0.5, margin 5 points, chi-square 3.841 (95%) and a "
    "simple random sample; rounded to the nearest number, so the margin may be missed by a hair",
    "zh": "Krejcie–Morgan 表假定：单一是非题且 p = 0.5，误差 5 个百分点，卡方值 3.841（95%），简单随机抽样；"
    "四舍五入取整，误差可能略微超出",
}


# --- the verbs ---------------------------------------------------------------------------------------------


def size_for_mean(
    sd: float,
    margin: float | None = None,
    *,
    difference: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    quantile: Quantile = "t",
    population: float | None = None,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:
    """Interviews for a mean: to estimate it within a margin, or to tell it from a standard.

    Parameters
    ----------
    sd : standard deviation of the answers, from a pilot or an earlier wave. None is guessed here. Without one, a sixth
        of the scale's range (bell-shaped answers) to a quarter (spread out) is a planning value; say so in the plan.
    margin : half the width of the interval that is allowed, in points of the scale
    difference : instead of ``margin``: the smallest distance from a standard that must not be missed
    power : the chance of finding that difference
    level : confidence; 1 − level is the significance level of the test
    alternative : {"two-sided", "one-sided"}
        Of the test; a margin has two sides.
    quantile : {"t", "z"}
        Student's t, as the analysis will use it; "z" gives the numbers of handbooks, one to three interviews fewer.
    population, deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`

    Notes
    -----
    ::

        margin   n₀ = (t(n₀ − 1) sd / margin)²,  with "z": (z sd / margin)²
        finite   n = n₀ / (1 + n₀/N)             with "t" solved again for n − 1 degrees of freedom

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd ed., section 4.6. Checked against R 4.2 (tests/test_size.py).

    Examples
    --------
    >>> size = size_for_mean(1.2, 0.2, quantile="z")
    >>> size.n, round(size.exact, 1), round(size.achieved, 4)
    (139, 138.3, 0.1995)
    >>> size_for_mean(1.2, 0.2).n, size_for_mean(1.2, 0.2, population=500, deff=1.4, response_rate=0.5).n_to_approach
    (141, 286)
    >>> size_for_mean(0, 0.2)
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: sd=0 cannot be used: it must be a number above 0 (the standard deviation of the answers, from a pilot or an earlier wave).
    """
    spread = check_number(
        "sd", sd, 0, math.inf, "the standard deviation of the answers, from a pilot or an earlier wave"
    )
    assumed: Text = {"en": f"sd = {figure(spread)}", "zh": f"标准差 = {figure(spread)}"}
    what: tuple[Text, Text] = _MEAN, {"en": "a difference from a standard", "zh": "与标准的差异"}
    asked = ("difference", margin, difference)
    goal = mean_goal(one_sample(spread, quantile), what, asked, power, Test(level, alternative), quantile, assumed)
    return write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def size_for_proportion(
    p: float,
    margin: float | None = None,
    *,
    null: float | None = None,
    power: float = 0.8,
    method: ProportionInterval = "wald",
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    population: float | None = None,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:
    """Interviews for a share: to estimate it within a margin, or to tell it from a standard.

    Parameters
    ----------
    p : the share expected; 0.5 is the worst case for a Wald interval
    margin : half the width of the interval that is allowed: 0.05 for 5 percentage points
    null : instead of ``margin``: the standard from which p is to be told, with chance ``power``
    method : {"wald", "wilson", "clopper_pearson"}
        The interval whose half width is meant. "wald" gives the numbers of handbooks. Where it would have fewer than 10
        of the rarer answer, ``n min(p, 1 − p) < 10``, it misses the truth far too often: the result then says how often,
        and what "wilson" needs. Plan with the interval that will be reported.
    level, population, deff, response_rate, quotas : as in :func:`size_for_mean`
    alternative : {"two-sided", "one-sided"}
        Of the test; a margin has two sides.

    Notes
    -----
    ::

        wald      n₀ = z² p (1 − p) / margin²
        finite    n = n₀ / (1 + (n₀ − 1)/N)
        wilson    margin = z / (1 + z²/n) sqrt(p (1 − p)/n + z²/(4 n²)), solved for n
        null      power of a z test with Cohen's h = 2 |asin √p − asin √null|

    References
    ----------
    Cochran (1977), eq. 4.1 and 4.2. Wilson (1927), J. Am. Statist. Assoc. 22, 209-212,
    doi:10.1080/01621459.1927.10502953. Clopper and Pearson (1934), Biometrika 26, 404-413, doi:10.1093/biomet/26.4.404.
    Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133, doi:10.1214/ss/1009213286, for Wald's coverage.
    Cohen (1988), ch. 6. Checked against R 4.2 and ``pwr`` 1.3, the intervals against statsmodels (tests/test_size.py).

    Examples
    --------
    >>> size_for_proportion(0.5, 0.05).n, size_for_proportion(0.5, 0.05, population=1000).n
    (385, 278)
    >>> size_for_proportion(0.05, 0.02).n, size_for_proportion(0.05, 0.02, method="clopper_pearson").n
    (457, 508)

    A rare complaint: the handbooks' number is far too small, and says so.

    >>> print(size_for_proportion(0.02, 0.05).caution["en"])
    at p = 0.02 the Wald interval of 31 interviews covers the share in 46.5% of samples, not 95%, since 0.62 of the rarer answer are expected; Wilson's (method='wilson') needs 52 interviews

    Are fewer than 30% dissatisfied, if it is 24% in truth?

    >>> size_for_proportion(0.24, null=0.30, alternative="one-sided").n
    338
    """
    share = check_number("p", p, 0, 1, "the share expected; write 0.5 for 50%")
    check_choice("method", method, ProportionInterval)
    check_one_of("null", margin, null)
    test = Test(level, alternative)
    if margin is not None:
        refuse_unused("a margin has no power: it is kept, not found", power=(power, POWER))
        goal = _share_margin_goal(share, margin, method, test)
    else:
        refuse_unused("it chooses an interval, and a test on the arcsine scale is planned", method=(method, "wald"))
        goal = _standard_goal(share, null, power, test)
    size = write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)
    return size if margin is None or method != "wald" else _with_caution(size, share, margin, test)


def yamane(
    population: float,
    margin: float = 0.05,
    *,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:
    """Yamane's shortcut ``n = N / (1 + N e²)``, labelled for what it assumes.

    It is :func:`size_for_proportion` at p = 0.5 with z rounded up to 2, so its confidence is 95.45%. It says nothing
    about means, groups or several questions, and takes a simple random sample for granted.

    References
    ----------
    Yamane (1967), Statistics: An Introductory Analysis, 2nd ed., p. 886. Checked against R 4.2 (tests/test_size.py).

    Examples
    --------
    >>> yamane(2000).n, round(yamane(2000).exact, 2)
    (334, 333.33)
    """
    e = check_number("margin", margin, 0, 1, "half the width of the interval; 0.05 for 5 points")
    from scipy.special import ndtr

    goal = Goal(_SHARE, lambda effective, n: 1 / math.sqrt(effective), e, formula=f"1 / {figure(e)}²", kind="share",
                method=_YAMANE, level=2 * float(ndtr(2)) - 1, source="Yamane (1967), Statistics, 2nd ed., p. 886")  # fmt: skip
    return write_ledger(e**-2, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def krejcie_morgan(
    population: float, *, deff: float = 1.0, response_rate: float = 1.0, quotas: Quotas = 1
) -> SampleSize:
    """The sample size of Krejcie and Morgan's table, labelled for what it assumes.

    ``n = 3.841 N p (1 − p) / (0.05² (N − 1) + 3.841 p (1 − p))`` with p = 0.5, rounded to the nearest whole number as
    in the table. All 90 printed rows are met. Many reprints give 384 for 100,000 people: the table of 1970 ends with
    1,000,000, and 100,000 gives 383.

    References
    ----------
    Krejcie and Morgan (1970), Educ. Psychol. Meas. 30, 607-610, doi:10.1177/001316447003000308.

    Examples
    --------
    >>> krejcie_morgan(1000).n, krejcie_morgan(100_000).n, krejcie_morgan(1_000_000).n
    (278, 383, 384)
    """
    base = 3.841 * 0.25 / 0.05**2
    goal = Goal(_SHARE, lambda effective, n: math.sqrt(3.841 * 0.25 / effective), 0.05, formula="3.841 × 0.25 / 0.05²",
                kind="share", finite="proportion", rounding="nearest", method=_KREJCIE,
                source="Krejcie and Morgan (1970), doi:10.1177/001316447003000308")  # fmt: skip
    return write_ledger(base, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


@dataclass(frozen=True, eq=False, repr=False)
class Precision(Result):
    """The margin of error that n interviews give.

    Columns: ``n``; ``n_effective``, what they are worth as a simple random sample from an endless population;
    ``margin``, half the width of the interval; for means ``in_sd``, the margin in standard deviations; for one share
    ``low`` and ``high``, the interval about the expected share.
    """

    goal: Goal = field(kw_only=True)
    caution: Text = field(default_factory=dict)

    @property
    def margin(self) -> float:
        """The margin of the first row."""
        return float(self.frame["margin"].iloc[0])

    def title(self) -> str:
        what = say(self.goal.what, self.language)
        return f"误差范围：{what}" if self.language == "zh" else f"Margin of error of {what}"

    def columns(self) -> tuple[Column, ...]:
        decimals = 3 if self.goal.kind == "share" else 2
        return (
            Column("n", {"en": "n", "zh": "n"}, "count"),
            Column("n_effective", {"en": "worth (n effective)", "zh": "有效样本量"}, "number", decimals=1),
            Column("margin", {"en": "margin ±", "zh": "误差 ±"}, "number", decimals=decimals),
            Column("in_sd", {"en": "in sd", "zh": "以标准差计"}, "number", decimals=3),
            Column("low", {"en": "low", "zh": "下限"}, "number", decimals=decimals),
            Column("high", {"en": "high", "zh": "上限"}, "number", decimals=decimals),
        )

    def sentence(self, language: Language | None = None) -> str:
        """The first row in words."""
        tongue, row, level = language or self.language, self.frame.iloc[0], f"{100 * self.goal.level:.4g}%"
        what, margin = say(self.goal.what, tongue), self.goal.show(row["margin"], tongue)
        if tongue == "zh":
            return f"{row['n']:,.0f} 份访谈在 {level} 置信水平下，{what}的误差为 {margin}。"
        return f"{counted(row['n'], 'interview')} estimate {what} to within {margin} ({level} confidence)."

    def note(self) -> str:
        parts = [say(text, self.language) for text in (self.goal.assumed, self.goal.method, self.caution)]
        level = f"{100 * self.goal.level:.4g}%"
        if self.language == "zh":
            return "；".join([f"置信水平 {level}", *filter(None, parts)]) + "。"
        return "; ".join([f"{level} confidence", *filter(None, parts)]) + "."

    def plot(self, ax: Axes | None = None) -> Axes:
        """The margin against n; needs two or more n."""
        from survey_design.plots.size import draw_precision

        return draw_precision(self, ax)


def precision_of(
    n: float | Sequence[float],
    *,
    sd: float | None = None,
    p: float | Sequence[float] | None = None,
    sd_e: float | None = None,
    sd_p: float | None = None,
    r: float | None = None,
    pairing: Pairing = "paired",
    ratio: float = 1.0,
    method: ProportionInterval | None = None,
    level: float = 0.95,
    quantile: Quantile | None = None,
    population: float | None = None,
    deff: float = 1.0,
) -> Precision:
    """The margin of error of a mean, a share or a gap from n interviews.

    Parameters
    ----------
    n : interviews, one number or several; both samples together where there are two
    sd : of the answers, for a mean; or of the gaps of the same people
    p : the share expected, 0.5 being the worst case; a pair of shares for their difference between two groups
    sd_e, sd_p, r, pairing, ratio : for a gap, as in :func:`~survey_design.size.size_for_gap`
    method : of one share, as in :func:`size_for_proportion`; "wald" by default
    quantile : of means and gaps, as in :func:`size_for_mean`; "t" by default
    level, population, deff : as in :func:`size_for_mean`

    Returns
    -------
    Precision
        One row for each n.

    Notes
    -----
    ``t(m − 1) sd sqrt(deff (1 − n/N) / n)`` for a mean, with m = min(n, n/deff): twenty interviews that are worth five
    have 4 degrees of freedom. The share not asked shrinks the error, and adds none.

    Examples
    --------
    Five interviews in a store: the mean is known to 1.24 standard deviations, a share to 44 points.

    >>> round(precision_of(5, sd=1).margin, 4), round(precision_of(5, p=0.5).margin, 4)
    (1.2417, 0.4383)
    >>> print(precision_of(139, sd=1.2, quantile="z").sentence())
    139 interviews estimate a mean to within ±0.1995 (95% confidence).
    """
    check_choice("pairing", pairing, Pairing)
    check_number("deff", deff, 0, math.inf, "the design effect; 1 for a simple random sample")
    test = Test(level)
    pair = p is not None and np.ndim(p) == 1
    two = pairing == "independent" or pair
    if two and population is not None:
        raise SpecError("population is for one sample: leave it out where two samples are compared.")
    if not two:
        refuse_unused("there is one sample; for two pass pairing='independent' or two shares", ratio=(ratio, 1.0))
    if p is not None:
        if not (sd is sd_e is sd_p is r is None):
            raise SpecError("precision_of needs either p or standard deviations, not both.")
        if not pair:
            refuse_unused("there is one share; for two give p=(0.70, 0.75)", pairing=(pairing, "paired"))
        refuse_unused("shares take the normal quantile", quantile=(quantile, None))
        goal, sd_shown = _share_goal(p, ratio, method or "wald", test), math.nan
    else:
        refuse_unused("it chooses the interval of a share, and a mean is estimated", method=(method, None))
        goal, sd_shown = _spread_goal((sd, sd_e, sd_p, r), pairing, Sharing(ratio), quantile or "t", test)
    rows = [_precision_row(size, goal, population, deff) for size in check_sizes(n, goal.least, population)]
    frame = pd.DataFrame(rows, columns=["n", "n_effective", "margin"])
    caution: Text = {}
    if p is None and not two:
        frame["in_sd"] = frame["margin"] / sd_shown
    if p is not None and not pair:
        bounds = [share_interval(worth, float(p), method or "wald", test) for worth in frame["n_effective"]]  # type: ignore[arg-type]
        frame[["low", "high"]] = np.array(bounds)
        caution = _wald_words(rows, float(p), deff, test, population) if goal.method == INTERVALS["wald"] else {}  # type: ignore[arg-type]
    return Precision(frame, goal=_with_design(goal, population, deff), caution=caution)


# --- numbers -----------------------------------------------------------------------------------------------


def share_interval(n: float, p: float, method: ProportionInterval, test: Test) -> tuple[float, float]:
    """Bounds of a share p among n simple respondents, where n p need not be whole, as planning needs it.

    >>> [round(bound, 4) for bound in share_interval(50, 0.1, "wilson", Test(0.95))]
    [0.0435, 0.2136]
    """
    if math.isinf(n):
        return p, p
    z = test.quantile()
    if method == "wald":
        half, centre = z * math.sqrt(p * (1 - p) / n), p
    elif method == "wilson":
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    else:
        from scipy.special import betaincinv

        tail, x = (1 - test.level) / 2, p * n
        return float(betaincinv(x, n - x + 1, tail)), float(betaincinv(x + 1, n - x, 1 - tail))
    return centre - half, centre + half


def share_margin(p: float, method: ProportionInterval, test: Test) -> Reach:
    """Half the width of the interval of a share, as a function of what n is worth."""

    def reach(effective: float, independent: float) -> float:
        low, high = share_interval(effective, p, method, test)
        return (high - low) / 2

    return reach


def wald_coverage(n: float, p: float, *, level: float = 0.95) -> float:
    """How often the Wald interval of n simple respondents holds a share p: binomial chances added up, n rounded down.

    Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133, doi:10.1214/ss/1009213286. With few of the rarer
    answer most samples have none, and an interval of no width.

    >>> round(wald_coverage(31, 0.02), 3), round(wald_coverage(385, 0.5), 3)
    (0.465, 0.947)
    """
    from scipy.stats import binom

    size = max(1, math.floor(n + 1e-9))
    hits = np.arange(size + 1)
    seen = hits / size
    half = Test(level).quantile() * np.sqrt(seen * (1 - seen) / size)
    return float(binom.pmf(hits, size, p)[np.abs(seen - p) <= half].sum())


def _precision_row(n: float, goal: Goal, population: float | None, deff: float) -> tuple[float, float, float]:
    effective = effective_n(n, population=population, deff=deff, finite=goal.finite)
    independent = independent_n(n, deff)
    margin = goal.reach(effective, independent)
    if not math.isfinite(margin):
        raise SpecError(
            f"n={n:g} with deff={deff:g} is worth {independent:.3g} interviews, too few to estimate an error."
        )
    return n, effective, margin


# --- where the Wald interval fails -------------------------------------------------------------------------


def _with_caution(size: SampleSize, p: float, margin: float, test: Test) -> SampleSize:
    """The size with a word about the Wald interval, where too few of the rarer answer would be expected."""
    worth = independent_n(size.n, size.deff)
    if worth * min(p, 1 - p) >= _ENOUGH or size.n == size.population:
        return size
    wilson = write_ledger(
        None, _share_margin_goal(p, margin, "wilson", test), population=size.population, deff=size.deff
    )
    en, zh = _too_short(size.n, worth, p, test, size.population)
    caution = {"en": f"{en}; Wilson's (method='wilson') needs {counted(wilson.n, 'interview')}",
               "zh": f"{zh}；Wilson 区间（method='wilson'）需 {wilson.n:,} 份访谈"}  # fmt: skip
    return replace(size, caution=caution)


def _wald_words(
    rows: Sequence[tuple[float, float, float]], p: float, deff: float, test: Test, population: float | None
) -> Text:
    """The same about the smallest n of a table."""
    n = min(row[0] for row in rows)
    worth = independent_n(n, deff)
    if worth * min(p, 1 - p) >= _ENOUGH or n == population:
        return {}
    en, zh = _too_short(n, worth, p, test, population)
    return {"en": f"{en}; method='wilson' gives a better one", "zh": f"{zh}；宜用 method='wilson'"}


def _too_short(n: float, worth: float, p: float, test: Test, population: float | None) -> tuple[str, str]:
    """How often the interval holds the share, and why, in English and Chinese; of a small population only that it is short."""
    share, expected = figure(p), figure(worth * min(p, 1 - p))
    en, zh = "is too short", "偏窄"
    if population is None:
        covered, level = f"{100 * wald_coverage(worth, p, level=test.level):.1f}%", f"{100 * test.level:.4g}%"
        en, zh = f"covers the share in {covered} of samples, not {level}", f"实际覆盖率为 {covered}，而非 {level}"
    return (f"at p = {share} the Wald interval of {counted(n, 'interview')} {en}, since {expected} of the rarer answer are expected",
            f"在 p = {share} 时，{n:,.0f} 份访谈的 Wald 区间{zh}，因为较少的一类回答预期仅 {expected} 份")  # fmt: skip


# --- from arguments to a goal ------------------------------------------------------------------------------


def _share_margin_goal(p: float, margin: float, method: ProportionInterval, test: Test) -> Goal:
    half = check_number("margin", margin, 0, 1, "half the width of the interval; 0.05 for 5 points")
    check_two_sided(test)
    z, share = figure(test.quantile()), figure(p)
    formula = (
        f"{z}² × {share} × {figure(1 - p)} / {figure(half)}²"
        if method == "wald"
        else f"(U(n) − L(n)) / 2 = {figure(half)}"
    )
    return Goal(_SHARE, share_margin(p, method, test), half, formula=formula, assumed={"en": f"p = {share}", "zh": f"p = {share}"},
                method=INTERVALS[method], source=_SOURCES[method], level=test.level,
                kind="share", finite="proportion")  # fmt: skip


def _standard_goal(p: float, null: float | None, power: float, test: Test) -> Goal:
    """To tell a share from a standard."""
    standard = check_number("null", null, 0, 1, "the share to tell p from")
    if standard == p:
        raise SpecError(
            f"null={null!r} equals p, so there is no difference to find. Give another standard, or a margin."
        )
    test.check_power(power)
    h = effect_h(p, standard)
    told, kept = figure(p), figure(standard)
    return Goal(_SHARE, one_sample(1.0, "z").power(h, test), power, "power", power_formula("z", test, h, power),
                {"en": f"the difference of {told} from a standard of {kept}", "zh": f"比例 {told} 与标准 {kept} 之差"},
                {"en": f"Cohen's h = {figure(h)}", "zh": f"Cohen's h = {figure(h)}"},
                joined([{"en": "z test on the arcsine scale", "zh": "反正弦变换 z 检验"}, ALTERNATIVES[test.alternative]]),
                COHEN, test.level, "share", "proportion")  # fmt: skip


def _share_goal(p: float | Sequence[float], ratio: float, method: ProportionInterval, test: Test) -> Goal:
    """The margin of one share, or of the difference of two, with no target yet."""
    check_choice("method", method, ProportionInterval)
    if np.ndim(p) == 0:
        share = check_number("p", p, 0, 1, "the share expected; write 0.5 for 50%")
        return _share_margin_goal(share, 0.5, method, test)
    if method != "wald":
        raise SpecError(f"method={method!r} is for one share; a difference of two takes 'wald'.")
    p1, p2 = pair_of(p)  # type: ignore[arg-type]
    contrast = two_samples((sd_of(p1), sd_of(p2)), Sharing(ratio), "z")
    assumed: Text = {"en": f"shares {figure(p1)} and {figure(p2)}", "zh": f"两组比例 {figure(p1)} 与 {figure(p2)}"}
    return Goal(_SHARES, contrast.margin(test), math.nan, assumed=assumed, kind="share", least=2, level=test.level,
                method=INTERVALS["wald"])  # fmt: skip


def _spread_goal(
    spreads: tuple[float | None, ...], pairing: Pairing, shared: Sharing, quantile: Quantile, test: Test
) -> tuple[Goal, float]:
    """The margin of a mean or a gap, with no target yet, and the sd it is measured in."""
    sd, sd_e, sd_p, r = spreads
    if all(spread is None for spread in spreads):
        raise SpecError("precision_of needs sd for a mean, sd_e and sd_p (and r) for a gap, or p for a share.")
    what = _GAP if sd is None else _MEAN
    if pairing == "paired" and sd is not None and sd_e is sd_p is r is None:
        check_number("sd", sd, 0, math.inf, "the standard deviation of the answers, from a pilot or an earlier wave")
        contrast = one_sample(sd, quantile)
        assumed: Text = {"en": f"sd = {figure(sd)}", "zh": f"标准差 = {figure(sd)}"}
    else:
        contrast, assumed = gap_contrast(sd, sd_e, sd_p, r, pairing, shared, quantile)
    goal = mean_goal(contrast, (what, what), ("difference", 1.0, None), 0.8, test, quantile, assumed)
    return goal, contrast.sd


def _with_design(goal: Goal, population: float | None, deff: float) -> Goal:
    return replace(goal, assumed=joined([goal.assumed, design_words(population, deff)]), target=math.nan)
