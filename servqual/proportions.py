"""What share, and how sure? Shares, top boxes, CSAT, effort and Net Promoter Scores, each with an honest interval.

A share near 0% or 100% needs an interval that leans towards the middle; a share from clustered or weighted answers
needs one that knows how many independent people the answers are worth. Counts go into :func:`proportion_interval`,
estimates under a design into :func:`effective_interval`, answers into :func:`share` and its kin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    NUMBER_COLUMNS,
    REASONS,
    Interval,
    Student,
    Term,
    choose_interval,
    complete_strata,
    inside_one_cluster,
    kish_deff,
    logit_interval,
    srs_variance,
    t_interval,
    t_quantile,
    within_one_cluster,
)
from servqual.instruments import Scale
from servqual.measures import CAUTION, NOT_STATED
from servqual.moments import Cells, Moments, ScoreMap, row_weights
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Result, Text, say

Array = NDArray[Any]
Bounds = tuple[Array, Array]
ProportionMethod = Literal["wilson", "wilson_cc", "clopper_pearson", "logit", "jeffreys", "agresti_coull", "wald"]
DifferenceMethod = Literal["newcombe", "wald"]

METHODS: Mapping[str, Text] = {
    "wilson": {"en": "Wilson score interval", "zh": "Wilson 得分区间"},
    "wilson_cc": {"en": "Wilson score interval with continuity correction", "zh": "Wilson 得分区间（连续性校正）"},
    "clopper_pearson": {
        "en": "Clopper-Pearson interval (exact, rather wide)",
        "zh": "Clopper-Pearson 精确区间（偏宽）",
    },
    "logit": {"en": "logit interval", "zh": "logit 区间"},
    "jeffreys": {"en": "Jeffreys interval", "zh": "Jeffreys 区间"},
    "agresti_coull": {"en": "Agresti-Coull interval", "zh": "Agresti-Coull 区间"},
    "wald": {
        "en": "Wald interval (poor near 0% and 100%: too narrow, and it may leave that range)",
        "zh": "Wald 区间（接近 0% 或 100% 时效果差：过窄，且可能超出范围）",
    },
}
SHARE_REASONS: Mapping[str, Text] = {
    **REASONS,
    "alike": {
        "en": "all answers alike: how clusters resemble each other cannot be seen; counted by respondents and weights",
        "zh": "回答全部相同：无法看出群内相似程度，仅按受访者数与权数计算",
    },
    "no width": {
        "en": "all answers alike: a Wald interval has no width here; take Wilson",
        "zh": "回答全部相同：Wald 区间宽度为零，请用 Wilson 区间",
    },
    "no error": {"en": "all answers alike: no error can be computed", "zh": "回答全部相同，无法计算误差"},
    "complete": {"en": "everyone was asked: no sampling error", "zh": "已全部调查，无抽样误差"},
}


# --- one share ---------------------------------------------------------------------------------------------


def proportion_interval(successes: Any, n: Any, *, method: ProportionMethod = "wilson", level: float = 0.95) -> Bounds:
    """Bounds of a share, from the number of successes among n independent respondents.

    Parameters
    ----------
    successes, n : whole numbers, or arrays of them
    method : {"wilson", "wilson_cc", "clopper_pearson", "logit", "jeffreys", "agresti_coull", "wald"}
        Wilson keeps its promise on average and stays between 0 and 1; Clopper-Pearson never falls below its level
        and pays with width; Wilson with continuity correction comes close to it. Logit takes the Clopper-Pearson
        bounds where all or none succeeded, since it has none of its own. Wald is offered to check older reports: at
        0 of 20 it claims certainty.
    level : confidence of the interval

    Returns
    -------
    (low, high)

    Notes
    -----
    With p = x/n and normal quantile z, Wilson's bounds are the shares that a score test would not reject::

        (x + z²/2 ∓ z sqrt(x (n − x)/n + z²/4)) / (n + z²)

    The correction moves x by half a person outwards. Clopper-Pearson are quantiles of Beta(x, n − x + 1) and
    Beta(x + 1, n − x), Jeffreys of Beta(x + ½, n − x + ½); Agresti-Coull is Wald about Wilson's centre with n + z².

    References
    ----------
    Wilson (1927), J. Am. Statist. Assoc. 22, 209-212, doi:10.1080/01621459.1927.10502953. Clopper and Pearson (1934),
    Biometrika 26, 404-413, doi:10.1093/biomet/26.4.404. Agresti and Coull (1998), Am. Statist. 52, 119-126,
    doi:10.1080/00031305.1998.10480550. Brown, Cai and DasGupta (2001), Statist. Sci. 16, 101-133,
    doi:10.1214/ss/1009213286. Checked against Newcombe (1998), Statist. Med. 17, 857-872, table I, and against R's
    ``prop.test``, ``binom.test`` and ``qbeta`` (tests/test_proportions.py). R's ``prop.test`` corrects less where x is
    within half a person of n/2; Newcombe's formula, used here, does not.

    Examples
    --------
    Of 250 customers 180 are satisfied:

    >>> [round(float(bound), 3) for bound in proportion_interval(180, 250)]
    [0.661, 0.772]

    None of 20 complained; up to 16% of such customers may:

    >>> [round(float(bound), 3) for bound in proportion_interval(0, 20)]
    [0.0, 0.161]
    >>> proportion_interval(12, 10)
    Traceback (most recent call last):
    ...
    survey_design.errors.DataError: 1 count cannot be used: successes = 12 is more than n. Correct the counts.
    """
    check_choice("method", method, ProportionMethod)
    check_between("level", level, 0, 1)
    x, total = _counts({"successes": successes, "n": n}, {"successes": "n"})
    return _plain(_CURVES[method](x, total, level))


def _plain(bounds: Bounds) -> Bounds:
    """Numbers where numbers were given, arrays where arrays were."""
    return bounds[0][()], bounds[1][()]


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _wilson(x: Array, n: Array, level: float, step: float = 0.0) -> Bounds:
    z = _z(level)

    def bound(x: Array, sign: int) -> Array:
        return np.asarray((x + z**2 / 2 + sign * z * np.sqrt(x * (n - x) / n + z**2 / 4)) / (n + z**2))

    below, above = np.maximum(x - step, 0), np.minimum(x + step, n)
    return np.where(below <= 0, 0.0, bound(below, -1)), np.where(above >= n, 1.0, bound(above, 1))


def _wilson_cc(x: Array, n: Array, level: float) -> Bounds:
    return _wilson(x, n, level, step=0.5)


def _clopper_pearson(x: Array, n: Array, level: float) -> Bounds:
    return _beta(x, n, level, (0, 1), (1, 0))


def _jeffreys(x: Array, n: Array, level: float) -> Bounds:
    return _beta(x, n, level, (0.5, 0.5), (0.5, 0.5))


def _beta(x: Array, n: Array, level: float, low: tuple[float, float], high: tuple[float, float]) -> Bounds:
    """Quantiles of beta distributions, with what is added to successes and failures; 0 and 1 at the ends."""
    from scipy.special import betaincinv

    tail, none, every = (1 - level) / 2, x <= 0, x >= n
    some, others = np.where(none, 1.0, x), np.where(every, 1.0, n - x)
    return (
        np.where(none, 0.0, betaincinv(some + low[0], n - x + low[1], tail)),
        np.where(every, 1.0, betaincinv(x + high[0], others + high[1], 1 - tail)),
    )


def _logit(x: Array, n: Array, level: float) -> Bounds:
    from scipy.special import expit, logit

    open_ = (x > 0) & (x < n)
    p = np.where(open_, x / n, 0.5)
    half = _z(level) / np.sqrt(n * p * (1 - p))
    low, high = _clopper_pearson(x, n, level)
    return np.where(open_, expit(logit(p) - half), low), np.where(open_, expit(logit(p) + half), high)


def _agresti_coull(x: Array, n: Array, level: float) -> Bounds:
    z = _z(level)
    return _wald(x + z**2 / 2, n + z**2, level)


def _wald(x: Array, n: Array, level: float) -> Bounds:
    half = _z(level) * np.sqrt(x * (n - x) / n) / n
    return np.asarray(x / n - half), np.asarray(x / n + half)


_CURVES: Mapping[str, Callable[[Array, Array, float], Bounds]] = {
    "wilson": _wilson,
    "wilson_cc": _wilson_cc,
    "clopper_pearson": _clopper_pearson,
    "logit": _logit,
    "jeffreys": _jeffreys,
    "agresti_coull": _agresti_coull,
    "wald": _wald,
}


def effective_n(share: Any, se: Any, n: Any, df: Any, *, level: float = 0.95) -> Array:
    """How many independent respondents a share from a sample design is worth.

    ``n_eff = p (1 − p) / se² · (t(n − 1) / t(df))²``: the size of a simple sample with the same standard error,
    reduced because a standard error from few clusters is itself uncertain.

    Parameters
    ----------
    share, se : the estimate, strictly between 0 and 1, and its standard error, above 0
    n : respondents
    df : degrees of freedom of the design (clusters minus strata)
    level : confidence of the interval it is meant for

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    240 answers in 12 stores, twice the variance of a simple sample:

    >>> round(float(effective_n(0.3, 0.0418, 240, 11)), 1)
    96.3
    """
    check_between("level", level, 0, 1)
    p, error, size, freedom = _numbers({"share": share, "se": se, "n": n, "df": df})
    wrong = ~((p > 0) & (p < 1) & (error > 0) & (error < np.inf) & (size > 1) & (freedom > 0))
    if wrong.any():
        raise SpecError(
            f"{int(wrong.sum())} of {wrong.size} shares have no effective sample size: it needs a share between 0 and 1, "
            "se above 0, n of 2 or more and df above 0. Where all answers are alike, give the counts to proportion_interval."
        )
    return np.asarray(p * (1 - p) / error**2 * _shrink(size, freedom, level))


def _shrink(n: Array, df: Array, level: float) -> Array:
    """``(t(n − 1) / t(df))²``: 1 for a simple sample."""
    return np.asarray((t_quantile(n - 1, level) / t_quantile(df, level)) ** 2)


def effective_interval(
    share: Any, se: Any, n: Any, df: Any, *, method: ProportionMethod = "wilson", level: float = 0.95
) -> Bounds:
    """Bounds of a share estimated under a sample design: weights, clusters and strata are in its standard error.

    Parameters are those of :func:`effective_n` and :func:`proportion_interval`.

    Notes
    -----
    The textbook formula is applied to :func:`effective_n` respondents, of whom the estimated share succeeded.
    Clopper-Pearson is then Korn and Graubard's interval. Logit and Wald need no counts: they take the standard error
    and the design's t quantile as they are.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201. Dean and Pagano (2015), J. Surv. Statist. Methodol. 3,
    484-503, doi:10.1093/jssam/smv024. Checked against R's ``survey`` 4.1 ``svyciprop``: method "beta" is
    "clopper_pearson" here, "logit" is "logit", "mean" is "wald" (tests/test_proportions.py).

    Examples
    --------
    >>> [round(float(bound), 3) for bound in effective_interval(0.3, 0.0418, 240, 11)]
    [0.218, 0.398]
    """
    check_choice("method", method, ProportionMethod)
    size = effective_n(share, se, n, df, level=level)
    p, error, _, freedom = _numbers({"share": share, "se": se, "n": n, "df": df})
    if method == "wald":
        return _plain(t_interval(p, error, freedom, level))
    if method == "logit":
        return _plain(logit_interval(p, error, freedom, level))
    return _plain(_CURVES[method](p * size, size, level))


# --- two shares --------------------------------------------------------------------------------------------


def difference_interval(
    x1: Any, n1: Any, x2: Any, n2: Any, *, method: DifferenceMethod = "newcombe", level: float = 0.95
) -> Bounds:
    """Bounds of ``x1/n1 − x2/n2``, the difference of two shares among different people.

    Parameters
    ----------
    x1, n1, x2, n2 : successes and respondents of the two groups; whole numbers, or arrays of them
    method : {"newcombe", "wald"}
        Newcombe's method 10 joins the two Wilson intervals and stays between -1 and 1; Wald is poor for small or
        lopsided groups.
    level : confidence of the interval

    Notes
    -----
    With Wilson bounds (l, u) of each share, Newcombe's are ``d − sqrt((p1 − l1)² + (u2 − p2)²)`` and
    ``d + sqrt((u1 − p1)² + (p2 − l2)²)``. An interval without 0 says that the groups differ.

    References
    ----------
    Newcombe (1998), Statist. Med. 17, 873-890,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I; checked against its table II.

    Examples
    --------
    Satisfied are 56 of 70 in the new layout and 48 of 80 in the old one:

    >>> [round(float(bound), 4) for bound in difference_interval(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    check_choice("method", method, DifferenceMethod)
    check_between("level", level, 0, 1)
    a, m, b, n = _counts({"x1": x1, "n1": n1, "x2": x2, "n2": n2}, {"x1": "n1", "x2": "n2"})
    if method == "wald":
        half = _z(level) * np.sqrt(a * (m - a) / m**3 + b * (n - b) / n**3)
        return a / m - b / n - half, a / m - b / n + half
    return _square_and_add(a / m, b / n, _wilson(a, m, level), _wilson(b, n, level), np.zeros_like(a))


def _square_and_add(p1: Array, p2: Array, first: Bounds, second: Bounds, phi: Array) -> Bounds:
    """Newcombe's bounds of ``p1 − p2`` from the bounds of each; ``phi`` is the correlation of the two answers."""
    below, above = (p1 - first[0], second[1] - p2), (first[1] - p1, p2 - second[0])
    # (a − b)² + 2 (1 − phi) a b: no rounding below 0 where phi is 1
    low, high = (np.sqrt((a - b) ** 2 + 2 * (1 - phi) * a * b) for a, b in (below, above))
    return p1 - p2 - low, p1 - p2 + high


def paired_difference_interval(
    both: Any, first: Any, second: Any, neither: Any, *, method: DifferenceMethod = "newcombe", level: float = 0.95
) -> Bounds:
    """Bounds of the difference of two shares among the same people, first less second.

    Parameters
    ----------
    both, first, second, neither : how many said yes both times, only the first, only the second time, and never
    method : {"newcombe", "wald"}
    level : confidence of the interval

    Notes
    -----
    The difference is ``(first − second) / n``. Newcombe's method 10 for pairs joins the Wilson intervals of both
    shares and allows for their correlation phi, taken towards 0 by a continuity correction where it is positive.

    References
    ----------
    Newcombe (1998), Statist. Med. 17, 2635-2650,
    doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C. Checked against its example 20, 12, 2, 16
    and Fagerland, Lydersen and Laake (2014), Statist. Med. 33, 2850-2875, doi:10.1002/sim.6148.

    Examples
    --------
    >>> [round(float(bound), 4) for bound in paired_difference_interval(20, 12, 2, 16)]
    [0.0562, 0.3292]
    """
    check_choice("method", method, DifferenceMethod)
    check_between("level", level, 0, 1)
    a, b, c, d = _counts({"both": both, "first": first, "second": second, "neither": neither})
    n = a + b + c + d
    _refuse_nobody(n, "both, first, second and neither")
    if method == "wald":
        half = _z(level) * np.sqrt(b + c - (b - c) ** 2 / n) / n
        return (b - c) / n - half, (b - c) / n + half
    return _square_and_add(
        (a + b) / n, (a + c) / n, _wilson(a + b, n, level), _wilson(a + c, n, level), _phi(a, b, c, d)
    )


def _phi(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Correlation of two yes/no answers with Newcombe's continuity correction; 0 where one does not vary."""
    cross, margins = a * d - b * c, (a + b) * (c + d) * (a + c) * (b + d)
    corrected = np.where(cross > 0, np.maximum(cross - (a + b + c + d) / 2, 0), cross)
    return np.asarray(np.where(margins > 0, corrected / np.sqrt(np.where(margins > 0, margins, 1.0)), 0.0))


@dataclass(frozen=True)
class ShareTest:
    """A test about shares, with the hypothesis it tests in words.

    Attributes
    ----------
    null : what is assumed until the answers speak against it
    statistic : z or chi-square; nan where the p-value is counted out exactly
    p : two-sided p-value; nan where nothing can be tested
    n : how many respondents speak to the question
    method : the test's name
    reason : key of ``SHARE_REASONS`` why there is no p-value, empty where there is one
    """

    null: Text
    statistic: float
    p: float
    n: int
    method: Text
    reason: str = ""

    def sentence(self, language: str = "en") -> str:
        """The test in one sentence."""
        zh, null, name = language == "zh", say(self.null, language), say(self.method, language)
        if self.reason:
            why = say(SHARE_REASONS[self.reason], language)
            return f"{name}：无法检验（{why}）。" if zh else f"{name}: no test ({why})."
        shown = "<.001" if self.p < 0.0005 else f"= {self.p:.3f}".replace("0.", ".", 1)
        if zh:
            return f"{name}：p {shown}（n = {self.n}）；在 5% 水平上{'拒绝' if self.p < 0.05 else '不能拒绝'}“{null}”。"
        verdict = "is rejected" if self.p < 0.05 else "is not rejected"
        return f"{name}: p {shown} (n = {self.n}). That {null} {verdict} at 5%."


_SAME_SHARE: Text = {"en": "the two shares are the same", "zh": "两个比例相同"}
_SAME_TWICE: Text = {
    "en": "as many changed from yes to no as from no to yes",
    "zh": "由是变否与由否变是的人数相同",
}


def equal_shares(x1: int, n1: int, x2: int, n2: int) -> ShareTest:
    """Do two groups of different people have the same share? The z test with a pooled share.

    ``z = (p1 − p2) / sqrt(p (1 − p) (1/n1 + 1/n2))`` with p over both groups; z² is Pearson's chi-square of the 2 × 2
    table. Read it beside :func:`difference_interval`, which says how large the difference may be.

    References
    ----------
    Pearson (1900), Philosophical Magazine 50, 157-175, doi:10.1080/14786440009463897. Checked against R's
    ``prop.test(correct = FALSE)``.

    Examples
    --------
    >>> equal_shares(56, 70, 48, 80).sentence()
    'Two-sample z test: p = .008 (n = 150). That the two shares are the same is rejected at 5%.'
    """
    from scipy.special import ndtr

    a, m, b, n = map(_one, _counts({"x1": x1, "n1": n1, "x2": x2, "n2": n2}, {"x1": "n1", "x2": "n2"}))
    method: Text = {"en": "Two-sample z test", "zh": "两样本 z 检验"}
    pooled = (a + b) / (m + n)
    if pooled in (0.0, 1.0):
        return ShareTest(_SAME_SHARE, float("nan"), float("nan"), int(m + n), method, "no variation")
    z = (a / m - b / n) / np.sqrt(pooled * (1 - pooled) * (1 / m + 1 / n))
    return ShareTest(_SAME_SHARE, float(z), float(2 * ndtr(-abs(z))), int(m + n), method)


def mcnemar(b: int, c: int, *, exact: bool = True, correct: bool = False) -> ShareTest:
    """Did a share change among the same people? Only those who changed their answer speak.

    Parameters
    ----------
    b, c : how many said yes first and no later, and the reverse
    exact : count the p-value out: under the null b is binomial with n = b + c and p = ½. Otherwise chi-square with
        one degree of freedom, ``(b − c)² / (b + c)``, for many changes.
    correct : take 1 from the absolute difference of b and c in the chi-square

    References
    ----------
    McNemar (1947), Psychometrika 12, 153-157, doi:10.1007/BF02295996. Edwards (1948), Psychometrika 13, 185-187,
    doi:10.1007/BF02289261. Checked against R's ``mcnemar.test`` and ``binom.test``, and its example from Agresti (1990).

    Examples
    --------
    After a training 15 became satisfied and 5 ceased to be:

    >>> mcnemar(5, 15).sentence()
    "McNemar's exact test: p = .041 (n = 20). That as many changed from yes to no as from no to yes is rejected at 5%."
    >>> round(mcnemar(5, 15, exact=False, correct=True).statistic, 2)
    4.05
    """
    from scipy.special import bdtr, chdtrc

    if exact and correct:
        raise SpecError("correct=True goes with the chi-square: mcnemar(b, c, exact=False, correct=True).")
    lost, won = map(_one, _counts({"b": b, "c": c}))
    n, nan = int(lost + won), float("nan")
    kind = ("exact ", "精确") if exact else ("", "卡方")
    corrected = (", continuity-corrected", "（连续性校正）") if correct else ("", "")
    method: Text = {"en": f"McNemar's {kind[0]}test{corrected[0]}", "zh": f"McNemar {kind[1]}检验{corrected[1]}"}
    if n == 0:
        return ShareTest(_SAME_TWICE, nan, nan, 0, method, "no variation")
    if exact:
        return ShareTest(_SAME_TWICE, nan, min(1.0, float(2 * bdtr(min(lost, won), n, 0.5))), n, method)
    statistic = max(abs(lost - won) - correct, 0) ** 2 / n
    return ShareTest(_SAME_TWICE, statistic, float(chdtrc(1, statistic)), n, method)


# --- Net Promoter Score from counts ------------------------------------------------------------------------


def nps_interval(promoters: int, passives: int, detractors: int, *, level: float = 0.95) -> Estimate:
    """Net Promoter Score with its error, from counts of independent respondents.

    Parameters
    ----------
    promoters, passives, detractors : how many answered 9-10, 7-8 and 0-6 on the scale from 0 to 10
    level : confidence of the interval

    Returns
    -------
    Estimate
        In points from -100 to +100.

    Notes
    -----
    ``NPS = 100 (p − d)``, ``se = 100 sqrt((p + d − (p − d)²) / n)``, interval ``NPS ∓ z se``. Promoters and
    detractors pull in opposite directions, so an NPS is about twice as uncertain as a share: 100 answers leave some
    ±15 points. In small one-sided samples the interval may pass 100; where all answers are of one kind there is none.
    :func:`score_nps` takes the answers themselves as a mean: divisor n − 1 and Student's t, the same but for 1/n.

    References
    ----------
    Reichheld (2003), Harvard Business Review 81(12), 46-54. Rocks (2016), Am. Statist. 70, 365-372,
    doi:10.1080/00031305.2016.1198279. Checked against the formula in R (tests/test_proportions.py).

    Examples
    --------
    >>> nps = nps_interval(50, 33, 17)
    >>> round(nps.value, 1), round(nps.se, 2), nps.interval(decimals=0)
    (33.0, 7.49, '95% CI 18 to 48')
    """
    check_between("level", level, 0, 1)
    return _normal(*_nps(promoters, passives, detractors), level, float("nan"))


def nps_difference(first: Sequence[int], second: Sequence[int], *, level: float = 0.95) -> Estimate:
    """First Net Promoter Score less the second, among different people.

    Parameters
    ----------
    first, second : promoters, passives and detractors of each group
    level : confidence of the interval

    Returns
    -------
    Estimate
        ``p`` tests that both groups have the same score. Variances add, so a difference is less certain than either
        score: with 100 answers each some ±21 points.

    References
    ----------
    Rocks (2016), Am. Statist. 70, 365-372, doi:10.1080/00031305.2016.1198279.

    Examples
    --------
    >>> change = nps_difference((60, 25, 15), (50, 33, 17))
    >>> round(change.value, 1), change.interval(decimals=0), round(change.p, 2)
    (12.0, '95% CI −9 to 33', 0.25)
    """
    from scipy.special import ndtr

    check_between("level", level, 0, 1)
    for name, counts in (("first", first), ("second", second)):
        if len(counts) != 3:
            raise SpecError(f"{name} must hold three counts: promoters, passives, detractors; it holds {len(counts)}.")
    (a, va, m), (b, vb, n) = _nps(*first), _nps(*second)
    lone = min(m, n) == 1
    p = float("nan") if lone or va + vb == 0 else float(2 * ndtr(-abs(a - b) / np.sqrt(va + vb)))
    return _normal(a - b, va + vb, 1 if lone else m + n, level, p)


def _nps(promoters: Any, passives: Any, detractors: Any) -> tuple[float, float, int]:
    """Score in points, its variance, and respondents."""
    counts = _counts({"promoters": promoters, "passives": passives, "detractors": detractors})
    _refuse_nobody(sum(counts), "promoters, passives and detractors")
    promoting, passive, detracting = map(_one, counts)
    n = promoting + passive + detracting
    p, d = promoting / n, detracting / n
    return 100 * (p - d), 1e4 * (p + d - (p - d) ** 2) / n, int(n)


def _normal(value: float, variance: float, n: int, level: float, p: float) -> Estimate:
    """An estimate with a normal interval, or the reason why it has none."""
    reason = "one answer" if n == 1 else "no error" if variance <= 0 else ""
    se = float("nan") if n == 1 else float(np.sqrt(max(variance, 0.0)))
    half = float("nan") if reason else _z(level) * se
    why = say(SHARE_REASONS[reason], "en")
    return Estimate(
        value, se, value - half, value + half, n, float("inf"), level, p, method="normal interval", reason=why
    )


# --- checking counts ---------------------------------------------------------------------------------------


def _numbers(named: Mapping[str, Any]) -> tuple[Array, ...]:
    """The values as arrays of one shape."""
    try:
        return np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in named.values()))
    except (TypeError, ValueError) as error:
        raise SpecError(f"{', '.join(named)} must be numbers, or arrays of numbers of one length.") from error


def _counts(named: Mapping[str, Any], part_of: Mapping[str, str] | None = None) -> tuple[Array, ...]:
    """Whole numbers of one shape; all that are not, and parts above their whole, are refused together."""
    values = dict(zip(named, _numbers(named), strict=True))
    faults = []
    for name, value in values.items():
        faults.append((name, ~(np.isfinite(value) & (value == np.round(value))), "is not a whole number"))
        faults.append((name, value < 0, "is negative"))
    for part, base in (part_of or {}).items():
        faults.append((part, values[part] > values[base], f"is more than {base}"))
        faults.append((base, values[base] == 0, "means that nobody answered"))
    if any(wrong.any() for _, wrong, _ in faults):
        _refuse([(int(place), name, float(np.ravel(values[name])[place]), problem)
                 for name, wrong, problem in faults for place in np.flatnonzero(wrong)])  # fmt: skip
    return tuple(values.values())


def _refuse(faults: Sequence[tuple[int, str, float, str]]) -> NoReturn:
    lines = [f"{name} = {value:g} {problem}" for _, name, value, problem in faults[:5]]
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    noun = "count" if len(faults) == 1 else "counts"
    raise DataError(
        f"{len(faults)} {noun} cannot be used: {'; '.join(lines)}{more}. Correct the counts.",
        pd.DataFrame(faults, columns=["row", "column", "value", "problem"]),
    )


def _refuse_nobody(n: Any, names: str) -> None:
    if (np.asarray(n) == 0).any():
        raise DataError(f"{names} are all 0: nobody answered, so there is nothing to estimate.")


def _one(value: Array) -> float:
    if value.ndim:
        raise SpecError("give one number for each count, not several; call it once for each table.")
    return float(value)


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class _Shares(Result):
    """What tables of shares and of Net Promoter Scores have in common."""

    heading: Text = field(default_factory=dict)
    by: tuple[str, ...] = ()
    by_columns: tuple[Column, ...] = ()
    words: Mapping[str, Text] = field(default_factory=dict)
    level: float = 0.95
    interval: Interval = field(default_factory=Student)
    remarks: tuple[Text, ...] = ()
    cautious: bool = False
    numbers: ClassVar[tuple[Column, ...]] = ()

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return self.interval.sentence(self.language)

    @property
    def caution(self) -> str:
        """What the intervals leave out where selection was not by probability; empty where it was."""
        return say(CAUTION, self.language) if self.cautious else ""

    def title(self) -> str:
        split, name = [column.heading(self.language) for column in self.by_columns], say(self.heading, self.language)
        if self.language == "zh":
            return name + (f"（按{'、'.join(split)}）" if split else "")
        return name + (f", by {', '.join(split)}" if split else "")

    def columns(self) -> tuple[Column, ...]:
        remark = Column("reason", NUMBER_COLUMNS["reason"].label, "text", SHARE_REASONS)
        return (
            *self.by_columns,
            Column("measure", {"en": "question", "zh": "题目"}, "text", self.words),
            *self.numbers,
            *([remark] if self.frame["reason"].any() else []),
        )

    def note(self) -> str:
        percent, parts = f"{100 * self.level:g}%", [self.method, *(say(r, self.language) for r in self.remarks)]
        if self.language == "zh":
            return f"{percent} 区间；{'；'.join(parts)}。{self.caution}"
        return f"{percent} intervals; {'; '.join(parts)}. {self.caution}".rstrip()

    def row(self, measure: str | None = None, **group: Any) -> pd.Series:
        """One line of the table: of a question (needed where there are several) in the group named."""
        known = list(dict.fromkeys(self.frame["measure"]))
        if set(group) ^ set(self.by):
            raise SpecError(
                f"name one value for each of {', '.join(self.by) or 'no column'}; got {', '.join(group) or 'none'}."
            )
        hit = self.frame["measure"] == (known[0] if measure is None and len(known) == 1 else measure)
        for name, value in group.items():
            hit &= self.frame[name] == value
        if not hit.any():
            raise SpecError(f"there is no row {measure!r} {dict(group) or ''}. Questions: {', '.join(known)}.")
        return self.frame[hit].iloc[0]

    def _name(self, row: pd.Series) -> str:
        """The question and the group in words."""
        zh = self.language == "zh"
        place = ("、" if zh else ", ").join(column.show(row[column.name], self.language) for column in self.by_columns)
        name = say(self.words.get(row["measure"], str(row["measure"])), self.language)
        return name + ((f"（{place}）" if zh else f" ({place})") if place else "")

    def _base(self, row: pd.Series, unit: str) -> str:
        """The interval and the base in brackets, with the reason where there is one."""
        zh, why = self.language == "zh", say(SHARE_REASONS[row["reason"]], self.language)
        low, high = (f"{value:.0f}{unit}".replace("-", "−") for value in self._scaled(row))
        percent, n = f"{100 * self.level:g}%", f"n = {int(row['n']):,}"
        bounds = f"{percent} 置信区间 {low} 至 {high}" if zh else f"{percent} CI {low} to {high}"
        said = [bounds if np.isfinite(row["low"]) else "", n, why]
        return f"（{'，'.join(filter(None, said))}）" if zh else f" ({', '.join(filter(None, said))})"

    def _scaled(self, row: pd.Series) -> tuple[float, float]:
        raise TypeError(f"{type(self).__name__} must say the unit of its bounds")


_MEASURED = (
    NUMBER_COLUMNS["n"],
    Column("dropped", {"en": "no answer", "zh": "未作答"}, "count"),
)


@dataclass(frozen=True, eq=False, repr=False)
class ShareTable(_Shares):
    """Shares of respondents, one row per question and group.

    Frame columns: the split columns, ``measure, n, dropped, successes, share, se, low, high, df, deff, reason``. ``n``
    answered, ``dropped`` did not (missing or don't know) and are outside the base; ``successes`` is counted without
    weights, ``share`` with them. ``se`` is the design's, with divisor n - 1 in a simple sample.
    """

    curve: ProportionMethod = "wilson"
    textbook: bool = True
    asked: Text = field(default_factory=dict)
    numbers: ClassVar[tuple[Column, ...]] = (
        *_MEASURED,
        Column("successes", {"en": "successes", "zh": "符合人数"}, "count"),
        Column("share", {"en": "share", "zh": "比例"}, "share"),
        NUMBER_COLUMNS["se"],
        Column("low", NUMBER_COLUMNS["low"].label, "share"),
        Column("high", NUMBER_COLUMNS["high"].label, "share"),
        NUMBER_COLUMNS["df"],
        NUMBER_COLUMNS["deff"],
    )

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        zh, name = self.language == "zh", say(METHODS[self.curve], self.language)
        if self.textbook:
            return f"{name}，受访者相互独立" if zh else f"{name} of counts, respondents independent"
        if self.curve not in ("logit", "wald"):
            en = " on the effective sample size p(1 − p)/SE², reduced for the degrees of freedom"
            name += "，依据有效样本量 p(1 − p)/SE²（按自由度缩减）" if zh else en
        return ("；" if zh else "; ").join([name, self.interval.sentence(self.language)])

    def sentence(self, measure: str | None = None, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self.row(measure, **group), self.language == "zh"
        name, asked = self._name(row), say(self.asked, self.language)
        if not np.isfinite(row["share"]):
            why = say(SHARE_REASONS[row["reason"]], self.language)
            return f"{name}：无法计算（{why}）。" if zh else f"{name}: no share can be given ({why})."
        head = f"{name}：{100 * row['share']:.0f}% {asked}" if zh else f"{name}: {100 * row['share']:.0f}% {asked}"
        return head + self._base(row, "%") + ("。" if zh else ".")

    def estimate(self, measure: str | None = None, **group: Any) -> Estimate:
        """One row as an :class:`~survey_design.results.Estimate` of the share."""
        return _as_estimate(self, self.row(measure, **group), "share")

    def _scaled(self, row: pd.Series) -> tuple[float, float]:
        return 100 * row["low"], 100 * row["high"]


@dataclass(frozen=True, eq=False, repr=False)
class NpsTable(_Shares):
    """Net Promoter Scores, one row per group.

    Frame columns: the split columns, ``measure, n, dropped, promoters, passives, detractors, nps, se, low, high, df, deff,
    reason``. The three kinds are weighted shares of those who answered; ``nps = 100 (promoters − detractors)``, and its
    error, are in points.
    """

    numbers: ClassVar[tuple[Column, ...]] = (
        *_MEASURED,
        Column("promoters", {"en": "promoters", "zh": "推荐者"}, "share"),
        Column("passives", {"en": "passives", "zh": "被动者"}, "share"),
        Column("detractors", {"en": "detractors", "zh": "贬损者"}, "share"),
        Column("nps", {"en": "NPS", "zh": "净推荐值"}, "signed", decimals=1),
        Column("se", NUMBER_COLUMNS["se"].label, "number", decimals=1),
        Column("low", NUMBER_COLUMNS["low"].label, "signed", decimals=1),
        Column("high", NUMBER_COLUMNS["high"].label, "signed", decimals=1),
        NUMBER_COLUMNS["df"],
        NUMBER_COLUMNS["deff"],
    )

    def sentence(self, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self.row(None, **group), self.language == "zh"
        name = self._name(row)
        if not np.isfinite(row["nps"]):
            why = say(SHARE_REASONS[row["reason"]], self.language)
            return f"{name}：无法计算（{why}）。" if zh else f"{name}: no NPS can be given ({why})."
        score = f"{row['nps']:+.0f}".replace("-", "−")
        pro, con = (f"{100 * row[kind]:.0f}%" for kind in ("promoters", "detractors"))
        base = self._base(row, "")
        if zh:
            return f"{name}：净推荐值 {score}{base}，推荐者 {pro}，贬损者 {con}。"
        return f"{name}: NPS {score}{base}, {pro} promoters less {con} detractors."

    def estimate(self, **group: Any) -> Estimate:
        """One row as an :class:`~survey_design.results.Estimate` of the score."""
        return _as_estimate(self, self.row(None, **group), "nps")

    def _scaled(self, row: pd.Series) -> tuple[float, float]:
        return row["low"], row["high"]


def _as_estimate(table: _Shares, row: pd.Series, name: str) -> Estimate:
    why = say(SHARE_REASONS[row["reason"]], table.language)
    return Estimate(row[name], row["se"], row["low"], row["high"], int(row["n"]), row["df"], table.level,
                    deff=row["deff"], method=table.method, reason=why)  # fmt: skip


# --- the verbs ---------------------------------------------------------------------------------------------


def share(
    responses: Responses,
    question: str,
    *,
    at_least: float | None = None,
    form: str = "perception",
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """The share of respondents who answered a question with ``at_least`` so much.

    Parameters
    ----------
    responses : Responses
    question : an outcome ("satisfaction"), an item ("REL2", in the ``form`` given), or any numeric column of the data
    at_least : the lowest answer that counts; by default the two best boxes of the question's scale (6 of 7)
    form : {"expectation", "perception", "minimum", "desired"}
        Which form of an item.
    by : column or columns to split by, optional
    level : confidence of the interval
    method : its formula, see :func:`proportion_interval`
    interval : Taylor() or Student(), for the standard error; by default Taylor where the responses have a sample design

    Returns
    -------
    ShareTable
        Missing answers and don't-knows are outside the base and counted as ``dropped``.

    Notes
    -----
    Without a sample design the bounds are :func:`proportion_interval` of the counts, exactly. Under one they are
    :func:`effective_interval` of the weighted share, as in R; a design that changes nothing is worth n − 1 there. A share of 0% or 100% shows nothing of how clusters resemble each
    other: its bounds then count respondents and unequal weights (n over Kish's design effect), and the row says so. So
    does a row that lies within one cluster, whose respondents are the units.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201. Checked against R's ``survey`` 4.1 on six designs and
    against Newcombe (1998) (tests/test_proportions.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> data["satisfaction"] = [6, 7, 5, 7, None]
    >>> data["store"] = list("aabbb")
    >>> responses = Responses(data, instrument)
    >>> share(responses, "REL2").sentence()
    'Agreed times: 60% answered 6 or more (95% CI 23% to 88%, n = 5).'
    >>> share(responses, "satisfaction", at_least=7, by="store").sentence(store="b")
    'Satisfaction (b): 50% answered 7 or more (95% CI 9% to 91%, n = 2).'
    """
    asked = _asked(responses, question, form)
    cut = _cut(asked, at_least, boxes=2)
    heading: Text = {"en": f"Share answering {cut:g} or more", "zh": f"回答 {cut:g} 分及以上的比例"}
    return _share_table(responses, [asked], cut, heading, by, level, method, interval)


def top_box(
    responses: Responses,
    *,
    form: str = "perception",
    boxes: int = 2,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """The share of the best answers to every item: top box (``boxes=1``), top two (2), and so on.

    Read it beside the means: a mean hides whether everyone is content or half delighted and half annoyed. Shares of
    different ``boxes`` are not comparable. Other parameters are those of :func:`share`.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> table = top_box(Responses(data, instrument)).to_frame()
    >>> len(table), float(table.loc[0, "share"])
    (22, 0.6)
    """
    side = _side_with(responses, form)
    instrument = side.instrument
    scale = instrument.scale
    if not (isinstance(boxes, int) and 1 <= boxes <= scale.high - scale.low):
        raise SpecError(
            f"boxes={boxes!r}: a scale from {scale.low} to {scale.high} has 1 to {scale.high - scale.low} top boxes."
        )
    questions = [
        _Asked(side, item.id, instrument.column(form, item.id), item.label, scale) for item in instrument.items
    ]
    cut = scale.high - boxes + 1
    heading: Text = {
        "en": f"Share answering {cut} or more ({form}, top {boxes} of {scale.low}-{scale.high})",
        "zh": f"{_FORMS.get(form, form)}：回答 {cut} 分及以上的比例（{scale.low}–{scale.high} 分的前 {boxes} 档）",
    }
    return _share_table(responses, questions, cut, heading, by, level, method, interval)


_FORMS = {"expectation": "期望", "perception": "感知", "minimum": "最低可接受", "desired": "理想"}


def score_csat(
    responses: Responses,
    *,
    outcome: str = "satisfaction",
    at_least: float | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """Customer satisfaction (CSAT): the share of satisfied customers, by default the two best answers (6 and 7 of 7).

    State the scale and the cut with the number: 72% on two of seven boxes is not 72% on two of five. Other
    parameters are those of :func:`share`.

    References
    ----------
    Farris, Bendle, Pfeifer and Reibstein (2010), Marketing Metrics, 2nd ed., Pearson, section 2.7.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> score_csat(Responses(data.assign(satisfaction=[6, 7, 5, 7, 4]), instrument)).sentence()
    'Satisfaction: 60% answered 6 or more (95% CI 23% to 88%, n = 5).'
    """
    asked = _outcome(responses, outcome)
    cut = _cut(asked, at_least, boxes=2)
    return _share_table(responses, [asked], cut, _headed(asked, cut, "Customer satisfaction (CSAT)", "客户满意度（CSAT）"),
                        by, level, method, interval)  # fmt: skip


def score_ces(
    responses: Responses,
    *,
    outcome: str = "effort",
    at_least: float | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """Customer effort (CES 2.0): the share who found it easy, by default the three best answers (5 to 7 of 7).

    The question must be worded so that high is easy ("The company made it easy for me to handle my issue"); the
    first version of 2010 asked for effort itself, where low was good. Other parameters are those of :func:`share`.

    References
    ----------
    Dixon, Freeman and Toman (2010), Harvard Business Review 88(7/8), 116-122. Dixon, Toman and DeLisi (2013), The
    Effortless Experience, Portfolio.

    Examples
    --------
    >>> import pandas as pd
    >>> from dataclasses import replace
    >>> from servqual import Responses, load_instrument
    >>> from servqual.instruments import Outcome, Scale
    >>> easy = Outcome("effort", "effort", Scale(1, 7), {"en": "Made it easy"}, {})
    >>> instrument = replace(load_instrument("servperf-22"), outcomes=(easy,))
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> score_ces(Responses(data.assign(effort=[6, 7, 5, 7, 4]), instrument)).sentence()
    'Made it easy: 80% answered 5 or more (95% CI 38% to 96%, n = 5).'
    """
    asked = _outcome(responses, outcome)
    cut = _cut(asked, at_least, boxes=3)
    return _share_table(responses, [asked], cut, _headed(asked, cut, "Customer effort (CES)", "客户费力度（CES）"),
                        by, level, method, interval)  # fmt: skip


def score_nps(
    responses: Responses,
    *,
    outcome: str = "recommend",
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
) -> NpsTable:
    """Net Promoter Score: the share answering 9 or 10 less the share answering 0 to 6, in points.

    Parameters
    ----------
    responses : Responses
    outcome : a question answered from 0 to 10
    by, level, interval : as in :func:`share`

    Notes
    -----
    The score is the weighted mean of +100 (promoters), 0 (passives, 7 and 8) and −100 (detractors); its error is that
    of a mean under the design, its interval ``NPS ∓ t se``. It throws away most of what the answers say: two stores
    with one NPS may differ in both shares, so read these too.

    References
    ----------
    Reichheld (2003), Harvard Business Review 81(12), 46-54. Rocks (2016), Am. Statist. 70, 365-372,
    doi:10.1080/00031305.2016.1198279. Checked against the formula in R and a t interval of the ±100 scores.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6] * 5 for column in instrument.columns("perception").values()})
    >>> score_nps(Responses(data.assign(recommend=[10, 9, 8, 3] * 5), instrument)).sentence()
    'Recommendation: NPS +25 (95% CI −15 to 65, n = 20), 50% promoters less 25% detractors.'
    """
    asked = _outcome(responses, outcome)
    scale = asked.scale
    if scale is None or (scale.low, scale.high) != (0, 10):
        known = "no scale" if scale is None else f"{scale.low} to {scale.high}"
        raise SpecError(
            f"'{asked.id}' is answered from {known}; a Net Promoter Score needs 0 to 10. Use share(responses, {asked.id!r})."
        )
    answers = asked.answers()
    indicators = pd.DataFrame({"promoter": _reaches(answers, 9), "detractor": 1 - _reaches(answers, 7)})
    kinds = np.array([[1, 0, 1], [0, 1, -1]], dtype=np.int64)
    names = ("promoter", "detractor", "net")
    score_map = ScoreMap(("promoter", "detractor"), names, kinds, np.ones(3), ("all",) * 3, np.zeros(2))
    group = _Grouped.of(asked.side, indicators, score_map, by, level, interval)
    frames = [_nps_line(line, asked.id, group.by, level) for line in group.lines]
    heading: Text = {"en": "Net Promoter Score", "zh": "净推荐值（NPS）"}
    return NpsTable(pd.concat(frames, ignore_index=True), responses.language, heading, **group.fields([asked]))


# --- from answers to rows ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Asked:
    """A question, the file that holds its answers, and its scale where it is known."""

    side: Responses
    id: str
    column: str
    label: Text
    scale: Scale | None

    def answers(self) -> Array:
        """(n,) answers as numbers, nan where there is none."""
        column = self.side.frame[self.column]
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        text = np.isnan(numbers) & column.notna().to_numpy()
        if text.any():
            raise DataError(
                f"{self.side.source.name}: column '{self.column}' holds {int(text.sum())} values that are not numbers, such as "
                f"{column[text].iloc[0]!r}. Make it a column of numbers (1 yes, 0 no)."
            )
        return numbers


def _outcome(responses: Responses, name: str) -> _Asked:
    """An outcome of the instruments, whose answers must be in the data."""
    for side in responses.sides:
        for outcome in side.instrument.outcomes:
            if name in (outcome.id, outcome.column) and outcome.column in side.frame.columns:
                return _Asked(side, outcome.id, outcome.column, outcome.label, outcome.scale)
    known = {o.id: o.column for side in responses.sides for o in side.instrument.outcomes}
    if name in known:
        listed = ", ".join(side.source.name for side in responses.sides)
        raise DataError(f"{listed} has no answers to '{name}': there is no column '{known[name]}'.")
    raise SpecError(f"the instrument has no outcome '{name}'. Its outcomes: {', '.join(known) or 'none'}.")


def _asked(responses: Responses, name: str, form: str) -> _Asked:
    """An outcome, an item or a column by its name."""
    if any(name in (o.id, o.column) for side in responses.sides for o in side.instrument.outcomes):
        return _outcome(responses, name)
    for side in responses.sides:
        if form in side.forms and name in [item.id for item in side.instrument.items]:
            item = side.instrument.item(name)
            return _Asked(side, name, side.instrument.column(form, name), item.label, side.instrument.scale)
    for side in responses.sides:
        if name in side.frame.columns:
            items = {side.instrument.column(f, item.id): item for f in side.forms for item in side.instrument.items}
            scale = side.instrument.scale if name in items else None
            label = items[name].label if name in items else side.column_of(name).label
            return _Asked(side, name, name, label, scale)
    if name in [item.id for side in responses.sides for item in side.instrument.items]:
        _side_with(responses, form)
    known = [*(o.id for o in responses.instrument.outcomes), *(item.id for item in responses.instrument.items)]
    check_columns([name], [*known, *responses.frame.columns], responses.source.name)
    raise SpecError(f"'{name}' is not a question of {responses.source.name}.")


def _side_with(responses: Responses, form: str) -> Responses:
    for side in responses.sides:
        if form in side.forms:
            return side
    held = ", ".join(form for side in responses.sides for form in side.forms)
    raise SpecError(f"{responses.source.name} holds no {form} answers; it holds: {held}.")


def _cut(asked: _Asked, at_least: float | None, boxes: int) -> float:
    """The lowest answer that counts, within the scale."""
    scale = asked.scale
    if at_least is None:
        if scale is None:
            raise SpecError(f"column '{asked.id}' has no scale; say which answers count: at_least=1 for a 0/1 column.")
        return max(scale.high - boxes + 1, scale.low + 1)
    if not isinstance(at_least, (int, float)) or not np.isfinite(at_least):
        raise SpecError(f"at_least={at_least!r} is not a number.")
    if scale is not None and not scale.low < at_least <= scale.high:
        raise SpecError(
            f"at_least={at_least:g}: '{asked.id}' is answered from {scale.low} to {scale.high}, so it must lie above "
            f"{scale.low} and not above {scale.high}."
        )
    return at_least


def _headed(asked: _Asked, cut: float, en: str, zh: str) -> Text:
    scale = asked.scale
    ruler = ("", "") if scale is None else (f" of {scale.low}-{scale.high}", f"（{scale.low}–{scale.high} 分）")
    return {
        "en": f"{en}: share answering {cut:g} or more{ruler[0]}",
        "zh": f"{zh}：回答 {cut:g} 分及以上的比例{ruler[1]}",
    }


def _reaches(answers: Array, cut: float) -> Array:
    """(n,) 1 where an answer reaches the cut, 0 where not, nan where there is none."""
    return np.where(np.isnan(answers), np.nan, answers >= cut)


def _share_table(
    responses: Responses,
    questions: Sequence[_Asked],
    cut: float,
    heading: Text,
    by: str | Sequence[str] | None,
    level: float,
    method: ProportionMethod,
    interval: Interval | None,
) -> ShareTable:
    check_choice("method", method, ProportionMethod)
    indicators = pd.DataFrame({asked.id: _reaches(asked.answers(), cut) for asked in questions})
    score_map = ScoreMap.plain([asked.id for asked in questions])
    group = _Grouped.of(questions[0].side, indicators, score_map, by, level, interval)
    names = [asked.id for asked in questions]
    frames = [_share_lines(line, names, group.by, method, level) for line in group.lines]
    return ShareTable(
        pd.concat(frames, ignore_index=True),
        responses.language,
        heading,
        **group.fields(questions),
        curve=method,
        textbook=all(line.textbook.all() for line in group.lines),
        asked={"en": f"answered {cut:g} or more", "zh": f"回答 {cut:g} 分及以上"},
    )


@dataclass(frozen=True, eq=False)
class _Line:
    """One group's means before their intervals, as arrays over the m measures.

    Attributes
    ----------
    label : values of the split columns
    mean, se, df, deff : of each measure
    n, total, dropped : answers, their unweighted sum, and respondents without an answer
    kish : loss by unequal weights
    alike : all answers are the same
    textbook : respondents count as independent and alike, so that the counts say everything
    lone : the group lies within one cluster
    lonely : strata with one cluster
    """

    label: tuple[Any, ...]
    mean: Array
    se: Array
    df: Array
    deff: Array
    n: Array
    total: Array
    dropped: Array
    kish: Array
    alike: Array
    textbook: Array
    lone: bool
    lonely: tuple[str, ...]

    @classmethod
    def of(cls, moments: Moments, label: tuple[Any, ...], interval: Interval) -> _Line:
        """Weighted means of one group's scores and their error, from the moments."""
        inside, score_map = moments.in_domain(label), moments.map
        gram, count, square = (moments.total(inside, power) for power in (1, 0, 2))
        mask, score = 1 + score_map.mask_of_score, 1 + len(score_map.mask_names) + np.arange(len(score_map.scores))
        weight, n, total = gram[0, mask], count[0, mask], count[0, score]
        alike = n * count[score, score] == total**2
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(alike, total / n, gram[0, score] / weight)
            kish = n * square[0, mask] / weight**2
        term = _mean_term(label, gram.shape[0], mask, score, weight, mean)
        lone = within_one_cluster(moments, [label])
        chosen = Student() if lone else interval
        spread = inside_one_cluster(moments, [term]) if lone else interval.spread(moments, [term])
        reference = srs_variance(moments, [term])
        se = np.where(spread.df > 0, np.where(alike, 0.0, spread.se), np.nan)
        usable = ~alike & (reference > 0) & (spread.df > 0)
        deff = np.where(usable, se**2 / np.where(usable, reference, 1.0), np.nan)
        textbook = isinstance(chosen, Student) & (np.isclose(kish, 1, rtol=1e-9) | (n == 0))
        return cls(label, mean, se, np.asarray(spread.df, float), deff, n, total, count[0, 0] - n, kish, alike, textbook, lone,
                   spread.lonely)  # fmt: skip

    def missing(self) -> Array:
        """(m,) key of the reason why no interval can be given; "" where one can."""
        rules = [(self.n == 0, "nobody"), (self.n == 1, "one answer"), (~(self.df > 0), "no df")]
        return np.select([rule for rule, _ in rules], [name for _, name in rules], "")

    def complete(self) -> Array:
        """(m,) True where answers differ and yet nothing is uncertain: a census."""
        return ~self.alike & (self.se == 0)


def _mean_term(label: tuple[Any, ...], q: int, mask: Array, score: Array, weight: Array, mean: Array) -> Term:
    """Influence ``(x − mask · mean) / weight`` of a group's rows on its means."""
    m = np.arange(len(score))
    slope = np.divide(1.0, weight, out=np.zeros(len(m)), where=weight > 0)
    coefficients = np.zeros((len(m), q))
    coefficients[m, score] = slope
    coefficients[m, mask] = -slope * np.nan_to_num(mean)
    return Term(label, coefficients, mask[:, None])


_TAKEN = {"measure", "reason", *(column.name for table in (ShareTable, NpsTable) for column in table.numbers)}


@dataclass(frozen=True, eq=False)
class _Grouped:
    """All groups of a table, and what its note must say."""

    side: Responses
    by: tuple[str, ...]
    level: float
    interval: Interval
    lines: tuple[_Line, ...]
    moments: Moments

    @classmethod
    def of(
        cls,
        side: Responses,
        indicators: pd.DataFrame,
        score_map: ScoreMap,
        by: str | Sequence[str] | None,
        level: float,
        interval: Interval | None,
    ) -> _Grouped:
        """One pass over the answers; groups in order of first appearance."""
        check_between("level", level, 0, 1)
        split = () if by is None else (by,) if isinstance(by, str) else tuple(by)
        check_columns(split, side.frame.columns, side.source.name)
        if taken := set(split) & _TAKEN:
            raise SpecError(
                f"the table has a column {', '.join(sorted(taken))} of its own. Rename the one to split by."
            )
        stated = {name: side.frame[name].astype(object).where(side.frame[name].notna(), NOT_STATED) for name in split}
        cells = Cells.of(side.frame.assign(**stated), side.design, split)
        moments = Moments.from_cells(indicators, score_map, cells, row_weights(side.frame, side.design))
        chosen = choose_interval(side.design, interval)
        lines = tuple(_Line.of(moments, label, chosen) for label in moments.domains)
        return cls(side, split, level, chosen, lines, moments)

    def fields(self, questions: Sequence[_Asked]) -> dict[str, Any]:
        """What a result is told besides its rows."""
        return {
            "by": self.by,
            "by_columns": tuple(self.side.column_of(name) for name in self.by),
            "words": {asked.id: asked.label for asked in questions if asked.label},
            "level": self.level,
            "interval": self.interval,
            "remarks": self.remarks(),
            "cautious": self.side.design.selection != "probability",
        }

    def remarks(self) -> tuple[Text, ...]:
        """Base, target and weights in words."""
        raw, kept = (self.side.ledger.count(step) for step in ("read", "kept"))
        said: list[Text] = [{
            "en": "don't know and no answer are outside the base; "
            f"{kept:,} of {raw:,} rows kept, {raw - kept:,} dropped (see the ledger)",
            "zh": f"不知道与未作答不计入基数；读入 {raw:,} 行，保留 {kept:,} 行，剔除 {raw - kept:,} 行（见台账）",
        }]  # fmt: skip
        whole, _ = complete_strata(self.moments)
        if whole and not isinstance(self.interval, Student):
            listed = ", ".join(whole)
            said.append({"en": f"completely visited, so the statement is about these clusters: {listed}",
                         "zh": f"已全部访问，结论仅针对这些群：{listed}"})  # fmt: skip
        lonely = ", ".join(sorted({name for line in self.lines for name in line.lonely}))
        if lonely:
            said.append({"en": f"single-cluster strata ({lonely}) deviate from the overall mean, which overstates their error",
                         "zh": f"仅含一个群的层（{lonely}）以总体均值为中心，误差偏保守"})  # fmt: skip
        if self.moments.weighted:
            kish = kish_deff(self.moments)
            said.append({"en": f"unequal weights alone: Kish deff {kish:.2f}",
                         "zh": f"仅由不等权引起的 Kish 设计效应 {kish:.2f}"})  # fmt: skip
        return tuple(said)


def _share_lines(
    line: _Line, names: Sequence[str], by: Sequence[str], method: ProportionMethod, level: float
) -> pd.DataFrame:
    """The rows of one group."""
    low, high = _share_bounds(line, method, level)
    lost, end = line.missing(), line.alike & (line.n > 0)
    rules: list[tuple[Array, Any]] = [(lost != "", lost), (line.complete(), "complete"), (end & (method == "wald"), "no width"),
             (end & ~line.textbook, "alike")]  # fmt: skip
    reason = np.select([rule for rule, _ in rules], [name for _, name in rules], "one cluster" if line.lone else "")
    return pd.DataFrame({
        **{name: [value] * len(names) for name, value in zip(by, line.label, strict=True)},
        "measure": list(names),
        "n": line.n.astype(int),
        "dropped": line.dropped.astype(int),
        "successes": line.total.astype(int),
        "share": line.mean,
        "se": line.se,
        "low": low,
        "high": high,
        "df": line.df,
        "deff": line.deff,
        "reason": reason,
    })  # fmt: skip


def _share_bounds(line: _Line, method: ProportionMethod, level: float) -> Bounds:
    """(m,) bounds of the shares of one group; nan where :meth:`_Line.missing` says why."""
    low, high = np.full((2, len(line.n)), np.nan)
    given, census = line.missing() == "", line.complete()
    exact, ends = given & line.textbook, given & ~line.textbook & line.alike
    spread = given & ~line.textbook & ~line.alike & ~census
    low[exact], high[exact] = _CURVES[method](line.total[exact], line.n[exact], level)
    low[spread], high[spread] = effective_interval(
        line.mean[spread], line.se[spread], line.n[spread], line.df[spread], method=method, level=level
    )
    size = line.n[ends] / line.kish[ends] * _shrink(line.n[ends], line.df[ends], level)
    low[ends], high[ends] = _CURVES[method](line.mean[ends] * size, size, level)
    still = given & ~line.textbook & census
    low[still] = high[still] = line.mean[still]
    return low, high


def _nps_line(line: _Line, name: str, by: Sequence[str], level: float) -> pd.DataFrame:
    """The row of one group: promoters, detractors and their difference in points."""
    promoters, detractors, net = line.mean
    se, df, lost = 100 * line.se[2], line.df[2], str(line.missing()[2])
    lost = lost or ("no error" if line.alike[2] else "")
    low, high = t_interval(100 * net, np.asarray(np.nan if lost else se), df, level)
    reason = lost or ("complete" if line.complete()[2] else "one cluster" if line.lone else "")
    values = {
        **dict(zip(by, line.label, strict=True)),
        "measure": name,
        "n": int(line.n[2]),
        "dropped": int(line.dropped[2]),
        "promoters": promoters,
        "passives": 1 - promoters - detractors,
        "detractors": detractors,
        "nps": 100 * net,
        "se": se,
        "low": float(low),
        "high": float(high),
        "df": df,
        "deff": line.deff[2],
        "reason": reason,
    }
    return pd.DataFrame([values])
