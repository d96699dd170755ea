"""How sure is a share? Intervals and tests of shares and Net Promoter Scores, from counts or from a design's error.

A share near 0% or 100% needs an interval that leans towards the middle; a share from clustered or weighted answers
needs one that knows how many independent people the answers are worth. Counts go into :func:`proportion_interval`,
estimates under a design into :func:`effective_interval`; answers go into ``servqual.shares``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import REASONS, logit_interval, t_interval, t_quantile
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Estimate, Text, say

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
    "clusters alike": {
        "en": "clusters alike by chance: how they differ cannot be seen, so no error can be computed",
        "zh": "各群结果恰好相同：无法看出群间差异，无法计算误差",
    },
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
    return _plain(CURVES[method](x, total, level))


def _plain(bounds: Bounds) -> Bounds:
    """Numbers where numbers were given, arrays where arrays were."""
    return bounds[0][()], bounds[1][()]


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _wilson(x: Array, n: Array, level: float, step: float = 0.0) -> Bounds:
    return _score_bounds(x, n, _z(level), step)


def _score_bounds(x: Array, n: Array, z: Any, step: float = 0.0) -> Bounds:
    """Wilson's bounds, z standard errors off; z may differ from share to share."""

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


CURVES: Mapping[str, Callable[[Array, Array, float], Bounds]] = {
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
    return np.asarray(p * (1 - p) / error**2 * df_shrinkage(size, freedom, level))


def df_shrinkage(n: Array, df: Array, level: float) -> Array:
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
    return _plain(CURVES[method](p * size, size, level))


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


def contrast_interval(weight: Array, share: Array, size: Array, *, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Bounds and p of ``sum_k w_k p_k``, shares of different people added up with weights of either sign.

    Parameters
    ----------
    weight, share, size : (k, m) weights, shares, and how many independent answers each is worth
    level : confidence of the interval

    Returns
    -------
    low, high, p : (m,)
        p is 1 − the level at which the interval ends at 0.

    Notes
    -----
    Newcombe's joining of Wilson intervals (l, u) for more than two shares, known as MOVER: the lower bound lies
    ``sqrt(sum_k d_k²)`` below the estimate with ``d = w (p − l)`` where w is positive and ``|w| (u − p)`` where it is
    negative; the upper bound likewise. A share of 0 or 1 keeps an error.

    References
    ----------
    Zou and Donner (2008), Statist. Med. 27, 1693-1702, doi:10.1002/sim.3095. With weights 1 and −1 it is
    :func:`difference_interval`.

    Examples
    --------
    >>> column = np.array([[1.0], [-1.0]]), np.array([[56 / 70], [48 / 80]]), np.array([[70.0], [80.0]])
    >>> [round(float(bound[0]), 4) for bound in contrast_interval(*column)]
    [0.0524, 0.3339, 0.0081]
    """
    check_between("level", level, 0, 1)
    value = (weight * share).sum(axis=0)
    edge = _reach(weight, share, size, np.full(value.shape, _z(level)))
    least, most = np.zeros(value.shape), np.full(value.shape, _FAR)
    for _ in range(50):
        z = (least + most) / 2
        below, above = _reach(weight, share, size, z)
        inside = np.where(value > 0, below, above) < np.abs(value)
        least, most = np.where(inside, z, least), np.where(inside, most, z)
    return value - edge[0], value + edge[1], _both_tails(least)


_FAR = 40.0  # standard errors off, where p is 0 to the last digit


def _both_tails(z: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-z))


def _reach(weight: Array, share: Array, size: Array, z: Array) -> tuple[Array, Array]:
    """(m,) how far the bounds of a weighted sum of shares lie below and above it."""
    low, high = _score_bounds(share * size, size, z)
    down, up = share - low, high - share
    below, above = (np.where(weight > 0, one, other) * weight for one, other in ((down, up), (up, down)))
    return np.sqrt((below**2).sum(axis=0)), np.sqrt((above**2).sum(axis=0))


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
        shown = "< .001" if self.p < 0.0005 else f"= {self.p:.3f}".replace("0.", ".", 1)
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
    :func:`~servqual.shares.score_nps` takes the answers themselves as a mean: divisor n − 1 and Student's t, the same but for 1/n.

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
