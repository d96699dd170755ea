"""How many respondents show that answers go together: items of a scale, two ratings, drivers, groups, a cross table?

Each size is asked for by a margin (how wide may the interval be?) where that makes sense, or by the effect that must not
be missed and the power to find it. The functions in the first part are the arithmetic; the verbs below turn it into a
ledger with finite population, design effect, response rate and quotas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from survey_design.errors import SpecError, check_choice
from survey_design.results import Text
from survey_design.size.contrasts import ALTERNATIVES, POWER, Alternative, Test, check_one_of, joined, refuse_unused
from survey_design.size.ledger import Goal, Quotas, SampleSize, check_number, figure, write_ledger

AlphaMethod = Literal["bonett", "feldt"]

_ALPHA: Text = {"en": "Cronbach's alpha", "zh": "Cronbach α 系数"}
_CORRELATION: Text = {"en": "a correlation", "zh": "相关系数"}
_COEFFICIENT: Text = {"en": "a standardized regression coefficient", "zh": "标准化回归系数"}
_REGRESSION: Text = {"en": "what the predictors explain", "zh": "自变量的解释力"}
_GROUPS: Text = {"en": "differences among group means", "zh": "各组均值的差异"}
_CROSSTAB: Text = {"en": "an association in a cross table", "zh": "列联表中的关联"}

_ALPHA_METHODS: dict[str, Text] = {
    "bonett": {"en": "normal approximation of ln(1 − alpha) (Bonett)", "zh": "ln(1 − α) 的正态近似（Bonett）"},
    "feldt": {"en": "F distribution of (1 − alpha) (Feldt), for parallel normal items", "zh": "(1 − α) 的 F 分布（Feldt），以平行正态题项为前提"},
}  # fmt: skip
_FISHER: Text = {"en": "Fisher's z", "zh": "Fisher z 变换"}
_COHEN_R: Text = {"en": "t test of r, its power on the scale of Fisher's z", "zh": "r 的 t 检验，功效按 Fisher z 计算"}
_NONCENTRAL_F: Text = {"en": "F test, noncentral F", "zh": "F 检验（非中心 F 分布）"}
_NONCENTRAL_CHI2: Text = {"en": "chi-square test, noncentral chi-square", "zh": "卡方检验（非中心卡方分布）"}
_T_COEFFICIENT: Text = {"en": "t interval of a coefficient", "zh": "回归系数的 t 区间"}

_COHEN = "Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., ch. {}"
_ALPHA_SOURCES = {
    "bonett": "Bonett (2002), J. Educ. Behav. Statist. 27, 335-340",
    "feldt": "Feldt (1965), Psychometrika 30, 357-370",
}
_BONETT_WRIGHT = "Bonett and Wright (2000), Psychometrika 65, 23-28"
_KELLEY_MAXWELL = "Kelley and Maxwell (2003), Psychological Methods 8, 305-321"


_USUAL = Test()


# --- margins and powers of n respondents -------------------------------------------------------------------
#
# ``people`` is the size of a finite population. An estimate then has the error of n respondents less that of everybody,
# 1/(n − 3) − 1/(people − 3) on Fisher's scale, since a census is a sample that contains this one. Degrees of freedom
# stay those of n. Samples from small populations show both (tests/test_size_association.py).


def alpha_margin(
    n: float, items: int, alpha: float, *, method: AlphaMethod = "bonett", level: float = 0.95, people: float = math.inf
) -> float:
    """Half the width of the interval of Cronbach's alpha from n respondents.

    Bonett: ``(1 − α) sinh(z √(2k / ((k − 1)(n − 2))))``. Feldt: ``(1 − α)(F_high − F_low)/2`` with quantiles of F on
    n − 1 and (n − 1)(k − 1) degrees of freedom. The interval reaches further down than up. Of a population of ``people``,
    1/(n − 2) gives way to 1/(n − 2) − 1/(people − 2), and F to its power √(1 − (n − 1)/(people − 1)).

    >>> round(alpha_margin(100, 5, 0.8), 4), round(alpha_margin(100, 5, 0.8, method="feldt"), 4)
    (0.0636, 0.0627)
    """
    from scipy.special import fdtri

    if n >= people:
        return 0.0
    if method == "bonett":
        return (1 - alpha) * _sinh(Test(level).quantile() * _log_error(n, items, people))
    if n <= 1:
        return math.inf
    within, shrunk = (n - 1) * (items - 1), math.sqrt(1 - (n - 1) / (people - 1))
    low, high = (float(fdtri(n - 1, within, p)) ** shrunk for p in ((1 - level) / 2, (1 + level) / 2))
    return (1 - alpha) * (high - low) / 2


def alpha_power(
    n: float, items: int, alpha: float, null: float, *, method: AlphaMethod = "bonett", test: Test = _USUAL,
    people: float = math.inf,
) -> float:  # fmt: skip
    """Power to tell Cronbach's alpha from a null value with n respondents.

    Bonett: ln(1 − alpha) is normal with variance ``2k / ((k − 1)(n − 2))``. Feldt: ``(1 − α)/(1 − a)``, a being the
    alpha of the sample, is F on n − 1 and (n − 1)(k − 1) degrees of freedom. ``people`` as in :func:`alpha_margin`.

    >>> round(alpha_power(60, 5, 0.8, 0.7), 3), round(alpha_power(60, 5, 0.8, 0.7, method="feldt"), 3)
    (0.497, 0.53)
    """
    if n >= people:
        return 1.0
    if method == "bonett":
        return test.power(abs(math.log((1 - null) / (1 - alpha))) / _log_error(n, items, people))
    ratio = ((1 - alpha) / (1 - null)) ** (1 / math.sqrt(1 - (n - 1) / (people - 1)))
    return _feldt_power(n - 1, (n - 1) * (items - 1), ratio, test) if n > 1 else 0.0


def _feldt_power(df1: float, df2: float, ratio: float, test: Test) -> float:
    """Chance that F/ratio leaves the quantiles of F; ``ratio`` is below 1 where alpha is above the null."""
    from scipy.special import fdtr, fdtrc, fdtri

    two = test.alternative == "two-sided"
    tail = (1 - test.level) / 2 if two else 1 - test.level
    above = float(fdtrc(df1, df2, ratio * fdtri(df1, df2, 1 - tail)))
    below = float(fdtr(df1, df2, ratio * fdtri(df1, df2, tail)))
    return above + below if two else above if ratio < 1 else below


def _log_error(n: float, items: int, people: float) -> float:
    """Standard error of ln(1 − alpha); endless where n leaves none."""
    return math.sqrt(2 * items / (items - 1) * _less_a_census(n, people, 2))


def _less_a_census(n: float, people: float, lost: int) -> float:
    """``1/(n − lost) − 1/(people − lost)``; endless where n leaves nothing."""
    return 1 / (n - lost) - 1 / (people - lost) if n > lost else math.inf


def _people(effective: float, n: float) -> float:
    """Size of the population of whom n independent respondents are worth ``effective`` ones of an endless population."""
    return n / (1 - n / effective) if effective > n else math.inf


def _sinh(x: float) -> float:
    return math.sinh(x) if x < 700 else math.inf


def correlation_margin(n: float, r: float, *, level: float = 0.95, people: float = math.inf) -> float:
    """Half the width of Fisher's interval of a correlation, ``[tanh(ζ + h) − tanh(ζ − h)]/2``, ``h = z/√(n − 3)``.

    Of a population of ``people``, ``h = z √(1/(n − 3) − 1/(people − 3))``.

    >>> round(correlation_margin(219, 0.5), 4)
    0.0999
    """
    if n >= people or n <= 3:
        return float(n < people)
    half, zeta = Test(level).quantile() * math.sqrt(_less_a_census(n, people, 3)), math.atanh(r)
    return (math.tanh(zeta + half) - math.tanh(zeta - half)) / 2


def correlation_power(n: float, r: float, *, test: Test = _USUAL, people: float = math.inf) -> float:
    """Power of the t test that a correlation is 0, by Cohen's approximation on the scale of Fisher's z.

    ``Φ((ζ − ζ_c) √(n − 3))`` and the other tail, ``ζ = artanh r + r/(2(n − 1))``, ``ζ_c`` that of the critical r. Of a
    population of ``people``, 1/(n − 3) and 1/(n − 1) are less those of everybody, and t of the test is divided by
    √(1 − n/people).

    >>> round(correlation_power(84.0736397822877, 0.3), 6)
    0.8
    """
    from scipy.special import ndtr

    if n >= people or n <= 3:
        return float(n >= people)
    t, root = test.quantile(n - 2) * math.sqrt(1 - n / people), 1 / math.sqrt(_less_a_census(n, people, 3))
    zeta = math.atanh(abs(r)) + abs(r) / 2 * _less_a_census(n, people, 1)
    critical = math.atanh(t / math.sqrt(t**2 + n - 2))
    below = float(ndtr((-zeta - critical) * root)) if test.alternative == "two-sided" else 0.0
    return float(ndtr((zeta - critical) * root)) + below


def f_power(df1: float, df2: float, noncentrality: float, *, level: float = 0.95) -> float:
    """Power of an F test.

    >>> round(f_power(5, 85.2136945160882, 0.15 * (5 + 85.2136945160882 + 1)), 6)
    0.8
    """
    from scipy.special import fdtri, ncfdtr

    if math.isinf(noncentrality):
        return 1.0
    return 1 - float(ncfdtr(df1, df2, noncentrality, fdtri(df1, df2, level))) if df2 > 0 else 0.0


def chi2_power(df: float, noncentrality: float, *, level: float = 0.95) -> float:
    """Power of a chi-square test.

    >>> round(chi2_power(4, 132.614286756577 * 0.3**2), 6)
    0.8
    """
    from scipy.special import chdtri, chndtr

    return 1.0 if math.isinf(noncentrality) else 1 - float(chndtr(chdtri(df, 1 - level), df, noncentrality))


# --- sizes of effects --------------------------------------------------------------------------------------


def effect_f(means: Sequence[float], sd: float) -> float:
    """Cohen's f: how far group means lie apart, in standard deviations within groups of equal size.

    ``√(Σ (mean − grand mean)² / k) / sd``; Cohen called .10 small, .25 medium, .40 large.

    >>> round(effect_f([4.8, 5.0, 5.2], sd=1.2), 4)
    0.1361
    """
    values = [check_number("means", mean, -math.inf, math.inf, "the mean of each group") for mean in means]
    if len(values) < 2:
        raise SpecError("means needs two groups or more, to lie apart.")
    return float(np.std(values)) / check_number("sd", sd, 0, math.inf, "the standard deviation within groups")


def effect_w(shares: Sequence[Sequence[float]]) -> float:
    """Cohen's w of a cross table of shares: how far it is from independence.

    ``√Σ (p − p_row p_column)² / (p_row p_column)``; counts will do, they are turned into shares. Cohen called .10 small,
    .30 medium, .50 large.

    >>> round(effect_w([[30, 20], [20, 30]]), 4)
    0.2
    """
    p = np.array(shares, dtype=float)
    if p.ndim != 2 or not np.isfinite(p).all() or (p < 0).any() or not (p.sum(0).all() and p.sum(1).all()):
        raise SpecError("shares must be a table of numbers of 0 or more, without a row or column that is all 0.")
    p /= p.sum()
    expected = np.outer(p.sum(axis=1), p.sum(axis=0))
    return float(np.sqrt(((p - expected) ** 2 / expected).sum()))


# --- the verbs ---------------------------------------------------------------------------------------------


def size_for_alpha(
    items: int, alpha: float, *, margin: float | None = None, null: float | None = None, power: float = 0.8,
    method: AlphaMethod = "bonett", level: float = 0.95, alternative: Alternative = "two-sided",
    population: float | None = None, deff: float = 1.0, response_rate: float = 1.0, quotas: Quotas = 1,
) -> SampleSize:  # fmt: skip
    """Respondents for the internal consistency of a scale: to estimate Cronbach's alpha, or to tell it from a threshold.

    Parameters
    ----------
    items : items of the scale, k
    alpha : the alpha that is expected
    margin : half the width of the interval that is allowed; the interval itself reaches further down than up
    null : instead of ``margin``: the alpha to be told from (.70 of the handbooks, say), with chance ``power``
    method : {"bonett", "feldt"}
        ln(1 − alpha) as normal, in closed form; or the F distribution that parallel normal items follow. They differ
        little.
    level, alternative : confidence; 1 − level is the significance level of the test, ``alternative`` its sides
    population, deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`

    Notes
    -----
    ::

        margin  n = 2 + 2k/(k − 1) · (z / arsinh(margin/(1 − α)))²
        power   n = 2 + 2k/(k − 1) · ((z + z_power) / ln((1 − null)/(1 − α)))²      (Bonett)

    Answers on few points, skewed or with unlike items have a more variable alpha; take half as many again.

    References
    ----------
    Bonett (2002), Journal of Educational and Behavioral Statistics 27, 335-340, doi:10.3102/10769986027004335. Feldt
    (1965), Psychometrika 30, 357-370, doi:10.1007/BF02289499. Checked against simulated scales and pingouin's interval
    (tests/test_size_association.py).

    Examples
    --------
    The reliability dimension has five items; is its alpha of .80 above .70?

    >>> size_for_alpha(5, 0.80, null=0.70).n, size_for_alpha(5, 0.80, margin=0.05).n
    (122, 159)
    """
    check_choice("method", method, AlphaMethod)
    k, test = _count("items", items, 2, "the items of the scale"), Test(level, alternative)
    check_number("alpha", alpha, 0, 1, "the alpha that is expected")
    check_one_of("null", margin, null)
    if margin is not None:
        goal = _alpha_margin_goal(k, alpha, margin, power, test, method)
    else:
        goal = _alpha_test_goal(k, alpha, _null(null, alpha), power, test, method)
    return write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def _alpha_margin_goal(k: int, alpha: float, margin: float, power: float, test: Test, method: AlphaMethod) -> Goal:
    _check_margin(margin, 1, test, power)
    return Goal(
        what=_ALPHA, target=margin, reads_df=True,
        reach=lambda effective, n: alpha_margin(n, k, alpha, method=method, level=test.level, people=_people(effective, n)),
        formula=_alpha_formula(k, alpha, margin, test, method), level=test.level, least=3,
        assumed=_alpha_words(k, alpha), method=_ALPHA_METHODS[method], source=_ALPHA_SOURCES[method],
    )  # fmt: skip


def _alpha_test_goal(k: int, alpha: float, null: float, power: float, test: Test, method: AlphaMethod) -> Goal:
    test.check_power(power)
    closed = f"2 + 2 × {k}/{k - 1} × ((z + z({figure(power)})) / ln({figure((1 - null) / (1 - alpha))}))²"
    effect: Text = {
        "en": f"the difference of an alpha of {figure(alpha)} from {figure(null)}",
        "zh": f" α = {figure(alpha)} 与 {figure(null)} 之差",
    }
    return Goal(
        what=_ALPHA, target=power, reads_df=True,
        reach=lambda effective, n: alpha_power(n, k, alpha, null, method=method, test=test, people=_people(effective, n)),
        measure="power", level=test.level, least=3, effect=effect, assumed=_alpha_words(k, alpha),
        formula=closed if method == "bonett" else f"P(F(n − 1, {k - 1}(n − 1)) > F) = {100 * power:.4g}%",
        method=joined([_ALPHA_METHODS[method], ALTERNATIVES[test.alternative]]), source=_ALPHA_SOURCES[method],
    )  # fmt: skip


def _alpha_words(k: int, alpha: float) -> Text:
    return {"en": f"{k} items, alpha = {figure(alpha)} expected", "zh": f"{k} 个题项，预期 α = {figure(alpha)}"}


def _alpha_formula(k: int, alpha: float, margin: float, test: Test, method: AlphaMethod) -> str:
    if method == "feldt":
        return f"{figure(1 - alpha)} × (F₂ − F₁)/2 = {figure(margin)}, F(n − 1, {k - 1}(n − 1))"
    ratio = f"{figure(margin)}/{figure(1 - alpha)}"
    return f"2 + 2 × {k}/{k - 1} × ({figure(test.quantile())} / arsinh({ratio}))²"


def _null(null: float | None, alpha: float) -> float:
    value = check_number("null", null, -math.inf, 1, "the alpha to be told from")
    if value == alpha:
        raise SpecError(f"null={null!r} is the expected alpha itself: no number of respondents tells them apart.")
    return value


def size_for_correlation(
    r: float, *, margin: float | None = None, power: float = 0.8, level: float = 0.95,
    alternative: Alternative = "two-sided", population: float | None = None, deff: float = 1.0,
    response_rate: float = 1.0, quotas: Quotas = 1,
) -> SampleSize:  # fmt: skip
    """Respondents for a correlation of two ratings: to find that there is one, or, with ``margin``, to estimate it.

    Parameters
    ----------
    r : the correlation that is expected, or the smallest that must not be missed
    margin : half the width of the interval that is allowed; without it n is for a test against 0 with chance ``power``
    level, alternative : confidence; 1 − level is the significance level of the test, ``alternative`` its sides
    population, deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`

    Notes
    -----
    With ``ζ = artanh r``::

        margin  [tanh(ζ + h) − tanh(ζ − h)] / 2 = margin,   h = z / √(n − 3)
        power   Φ((ζ' − ζ_c) √(n − 3)) + Φ((−ζ' − ζ_c) √(n − 3)),   ζ' = ζ + r/(2(n − 1))

    ``ζ_c`` is artanh of the smallest r that the t test with n − 2 degrees of freedom calls significant. An estimate takes
    more respondents than a finding: r = .30 is found with 85, and known to ±.10 with 320.

    References
    ----------
    Cohen (1988), ch. 3 and p. 546. Bonett and Wright (2000), Psychometrika 65, 23-28, doi:10.1007/BF02294183. Checked
    against R's ``pwr.r.test`` (pwr 1.3) and by simulation (tests/test_size_association.py).

    Examples
    --------
    >>> size = size_for_correlation(0.3)
    >>> size.n, round(size.exact, 3), size_for_correlation(0.3, margin=0.10).n
    (85, 84.074, 320)
    """
    check_number("r", r, -1, 1, "the correlation that is expected")
    test = Test(level, alternative)
    goal = _correlation_goal(r, power, test) if margin is None else _correlation_margin_goal(r, margin, power, test)
    return write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def _correlation_margin_goal(r: float, margin: float, power: float, test: Test) -> Goal:
    _check_margin(margin, 1, test, power)
    return Goal(
        what=_CORRELATION, target=margin, reads_df=True,
        reach=lambda effective, n: correlation_margin(n, r, level=test.level, people=_people(effective, n)),
        formula=f"[tanh(ζ + h) − tanh(ζ − h)]/2 = {figure(margin)}, h = {figure(test.quantile())}/√(n − 3)",
        level=test.level, least=4, method=_FISHER, source=_BONETT_WRIGHT,
        assumed={"en": f"r = {figure(r)} expected, ζ = artanh r", "zh": f"预期 r = {figure(r)}，ζ = artanh r"},
    )  # fmt: skip


def _correlation_goal(r: float, power: float, test: Test) -> Goal:
    if r == 0:
        raise SpecError(
            "r=0 is what the test assumes: give the smallest correlation that must not be missed, or a margin."
        )
    test.check_power(power)
    statistic = "|t|" if test.alternative == "two-sided" else "t"
    return Goal(
        what=_CORRELATION, target=power, reads_df=True,
        reach=lambda effective, n: correlation_power(n, r, test=test, people=_people(effective, n)),
        measure="power", level=test.level, least=4, source=_COHEN.format("3 and p. 546"),
        formula=f"P({statistic} > t(n − 2); artanh {figure(abs(r))}) = {100 * power:.4g}%",
        effect={"en": f"a correlation of {figure(r)}", "zh": f" {figure(r)} 的相关"},
        method=joined([_COHEN_R, ALTERNATIVES[test.alternative]]),
    )  # fmt: skip


def size_for_regression(
    predictors: int, *, r2: float | None = None, f2: float | None = None, tested: int | None = None,
    r2_without: float = 0.0, margin: float | None = None, r2_predictor: float = 0.0, power: float = 0.8,
    level: float = 0.95, population: float | None = None, deff: float = 1.0, response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:  # fmt: skip
    """Respondents for a linear regression: to find that predictors explain something, or to estimate a coefficient.

    Parameters
    ----------
    predictors : predictors in the model, p
    r2, f2 : give one: the share of the outcome's variance that the model explains, or Cohen's f² (.02 small, .15 medium,
        .35 large)
    tested : how many of the predictors are tested together; all of them without it
    r2_without : share that the model explains without the tested predictors
    margin : half the width of the interval of a standardized coefficient; then n is for that, and needs ``r2``
    r2_predictor : share of that predictor's own variance that the other predictors explain; SERVQUAL dimensions often
        share half or more
    power, level : chance to find the effect; 1 − level is the significance level, or level the interval's confidence
    population, deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`

    Notes
    -----
    ::

        f² = (R² − R²_without) / (1 − R²),   u = tested,   v = n − p − 1
        power   P(F > F_level(u, v)),   F noncentral on u and v degrees of freedom, noncentrality f² n,
            in a population of N f² n (1 − (p + 1)/N)/(1 − n/N)
        margin  t(v) √((1 − R²) / ((1 − R²_predictor) v)) = margin

    Where all predictors are tested, n = u + v + 1 and this is Cohen's formula. Where only some are, Cohen took
    f² (u + v + 1), a little less than f² n. Predictors count as given numbers, as in all tables of power. Where they are
    answers, which differ from sample to sample, the power is one to two points lower (92 respondents find f² = .15 of
    five such predictors with 79%).

    References
    ----------
    Cohen (1988), ch. 9. Faul, Erdfelder, Buchner and Lang (2009), Behavior Research Methods 41, 1149-1160,
    doi:10.3758/BRM.41.4.1149. Kelley and Maxwell (2003), Psychological Methods 8, 305-321,
    doi:10.1037/1082-989X.8.3.305. Checked against R's ``pwr.f2.test`` (pwr 1.3), statsmodels and by simulation
    (tests/test_size_association.py).

    Examples
    --------
    Five dimensions explain 13% of overall satisfaction; then one coefficient to within ±.10:

    >>> size_for_regression(5, f2=0.15).n, size_for_regression(5, r2=0.4, margin=0.10, r2_predictor=0.5).n
    (92, 470)
    """
    p = _count("predictors", predictors, 1, "the predictors in the model")
    if margin is None:
        refuse_unused("it belongs to the margin of a coefficient", r2_predictor=(r2_predictor, 0.0))
        u = p if tested is None else _count("tested", tested, 1, "the predictors that are tested", most=p)
        goal = _explained_goal(p, u, _f2(r2, f2, r2_without), power, level)
    elif r2 is None or f2 is not None or tested is not None:
        raise SpecError("margin is about one coefficient: give r2 with it, and leave out f2 and tested.")
    else:
        refuse_unused("it belongs to the test of some predictors", r2_without=(r2_without, 0.0))
        goal = _coefficient_goal(p, r2, r2_predictor, margin, power, Test(level))
    return write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def _explained_goal(p: int, u: int, f2: float, power: float, level: float) -> Goal:
    Test(level).check_power(power)
    return Goal(
        what=_REGRESSION,
        reach=lambda effective, n: f_power(u, n - p - 1, f2 * effective * (1 - (p + 1) / _people(effective, n)), level=level),
        target=power, reads_df=True, measure="power", level=level, least=p + 2, source=_COHEN.format(9), method=_NONCENTRAL_F,
        formula=f"P(F({u}, n − {p + 1}) > F; {figure(f2)} n) = {100 * power:.4g}%",
        effect={"en": f"an effect of f² = {figure(f2)}", "zh": f"大小为 f² = {figure(f2)} 的效应"},
        assumed={"en": f"{u} of {p} predictors tested", "zh": f"{p} 个自变量中检验 {u} 个"},
    )  # fmt: skip


def _f2(r2: float | None, f2: float | None, without: float) -> float:
    if (r2 is None) == (f2 is None):
        raise SpecError("Give either r2 (the share explained) or f2 (Cohen's f²).")
    if f2 is not None:
        if without:
            raise SpecError("r2_without goes with r2; f2 already leaves the other predictors' share out.")
        return check_number("f2", f2, 0, math.inf, "Cohen's f²")
    share = check_number("r2", r2, 0, 1, "the share that all predictors explain")
    if without:
        check_number("r2_without", without, 0, share, "less than r2, since the tested predictors must add something")
    return (share - without) / (1 - share)


def coefficient_margin(
    n: float, predictors: int, r2: float, *, r2_predictor: float = 0.0, level: float = 0.95, people: float = math.inf
) -> float:
    """Half the width of the t interval of a standardized coefficient, ``t(v) √((1 − R²)/((1 − R²_predictor) v))``.

    ``v = n − p − 1``, the degrees of freedom of the residuals. Of a population of ``people``, 1/v is less that of everybody.

    >>> round(coefficient_margin(471, 5, 0.4, r2_predictor=0.5), 4)
    0.0998
    """
    v = n - predictors - 1
    if n >= people or v <= 0:
        return math.inf if n < people else 0.0
    left = _less_a_census(n, people, predictors + 1)
    return Test(level).quantile(v) * math.sqrt((1 - r2) / (1 - r2_predictor) * left)


def _coefficient_goal(p: int, r2: float, r2_predictor: float, margin: float, power: float, test: Test) -> Goal:
    _check_margin(margin, math.inf, test, power)
    check_number("r2", r2, 0, 1, "the share that all predictors explain", ends="[)")
    check_number("r2_predictor", r2_predictor, 0, 1, "the share of that predictor that the others explain", ends="[)")

    def reach(effective: float, n: float) -> float:
        return coefficient_margin(n, p, r2, r2_predictor=r2_predictor, level=test.level, people=_people(effective, n))

    return Goal(
        what=_COEFFICIENT, reach=reach, target=margin, reads_df=True, level=test.level, least=p + 2, method=_T_COEFFICIENT,
        formula=f"t(n − {p + 1}) × √({figure(1 - r2)} / ({figure(1 - r2_predictor)} × (n − {p + 1}))) = {figure(margin)}",
        assumed={"en": f"{p} predictors, R² = {figure(r2)}, the predictor's own R² on the others = {figure(r2_predictor)}",
                 "zh": f"{p} 个自变量，R² = {figure(r2)}，该自变量被其他自变量解释的比例 = {figure(r2_predictor)}"},
        source=_KELLEY_MAXWELL,
    )  # fmt: skip


def size_for_groups(
    groups: int, f: float, *, power: float = 0.8, level: float = 0.95, names: Sequence[str] | None = None,
    deff: float = 1.0, response_rate: float = 1.0, quotas: Quotas = 1,
) -> SampleSize:  # fmt: skip
    """Respondents to find that the means of several groups (tiers, regions, waves) differ. n counts all groups together.

    Parameters
    ----------
    groups : how many groups, of equal size
    f : Cohen's f, the spread of the group means in standard deviations; :func:`effect_f` finds it from planned means
    names : of the groups, for the table
    power, level : chance to find the difference; 1 − level is the significance level
    deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`

    Notes
    -----
    ``P(F > F_level(k − 1, n − k))`` with F noncentral, noncentrality ``n f²``. The test says that some groups differ, not
    which. For two groups use :func:`~survey_design.size.size_for_comparison`.

    References
    ----------
    Cohen (1988), ch. 8. Checked against R's ``pwr.anova.test`` (pwr 1.3) and statsmodels (tests/test_size_association.py).

    Examples
    --------
    >>> size = size_for_groups(3, 0.25, names=["flagship", "first tier", "hypermarket"])
    >>> size.n, size.n_by_cell
    (159, {'flagship': 53, 'first tier': 53, 'hypermarket': 53})
    """
    k = _count("groups", groups, 2, "the groups that are compared")
    check_number("f", f, 0, math.inf, "Cohen's f; effect_f finds it from planned means")
    Test(level).check_power(power)
    if names is not None and len(names) != k:
        raise SpecError(f"names has {len(names)} names for {k} groups: give one for each.")
    called = [{"en": f"group {j + 1}", "zh": f"第 {j + 1} 组"} for j in range(k)]
    if names is not None:
        called = [{"en": str(name), "zh": str(name)} for name in names]
    goal = Goal(
        what=_GROUPS, reach=lambda effective, n: f_power(k - 1, n - k, effective * f**2, level=level),
        target=power, measure="power", level=level, least=k + 2, finite="none", method=_NONCENTRAL_F,
        formula=f"P(F({k - 1}, n − {k}) > F; {figure(f)}² n) = {100 * power:.4g}%", source=_COHEN.format(8),
        effect={"en": f"differences of f = {figure(f)}", "zh": f"大小为 f = {figure(f)} 的差异"},
        reads_df=True, groups=tuple((name, 1 / k) for name in called),
    )  # fmt: skip
    return write_ledger(None, goal, deff=deff, response_rate=response_rate, quotas=quotas)


def size_for_crosstab(
    w: float, df: int, *, power: float = 0.8, level: float = 0.95, population: float | None = None, deff: float = 1.0,
    response_rate: float = 1.0, quotas: Quotas = 1,
) -> SampleSize:  # fmt: skip
    """Respondents to find an association in a cross table, or a distribution that differs from a given one.

    Parameters
    ----------
    w : Cohen's w; :func:`effect_w` finds it from a planned table
    df : degrees of freedom: (rows − 1)(columns − 1) of a cross table, categories − 1 for one distribution
    power, level : chance to find it; 1 − level is the significance level
    population, deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`. With
        interviews in stores the test will be Rao and Scott's, which a design effect stands for here.

    Notes
    -----
    ``P(χ² > χ²_level(df))`` with χ² noncentral, noncentrality ``n w²``. Look also whether every cell can expect five.

    References
    ----------
    Cohen (1988), ch. 7. Checked against R's ``pwr.chisq.test`` (pwr 1.3) and statsmodels (tests/test_size_association.py).

    Examples
    --------
    >>> size_for_crosstab(0.1, 4).n, size_for_crosstab(effect_w([[30, 20], [20, 30]]), 1).n
    (1194, 197)
    """
    check_number("w", w, 0, math.inf, "Cohen's w; effect_w finds it from a planned table")
    d = _count("df", df, 1, "(rows − 1)(columns − 1)")
    Test(level).check_power(power)
    goal = Goal(
        what=_CROSSTAB, reach=lambda effective, n: chi2_power(d, effective * w**2, level=level), target=power,
        measure="power", level=level, least=d + 1, method=_NONCENTRAL_CHI2, source=_COHEN.format(7),
        formula=f"P(χ²({d}) > χ²; {figure(w)}² n) = {100 * power:.4g}%",
        effect={"en": f"an association of w = {figure(w)}", "zh": f"大小为 w = {figure(w)} 的关联"},
    )  # fmt: skip
    return write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def _check_margin(margin: float, most: float, test: Test, power: float) -> None:
    refuse_unused("a margin has no power: it is kept, not found", power=(power, POWER))
    check_number("margin", margin, 0, most, "half the width of the interval")
    if test.alternative != "two-sided":
        raise SpecError("margin asks for an interval, which has two sides: leave alternative out.")


def _count(name: str, value: Any, least: int, advice: str, most: float = math.inf) -> int:
    number = check_number(name, value, least, most, advice, ends="[)" if math.isinf(most) else "[]")
    if number != round(number):
        raise SpecError(f"{name}={value!r} cannot be used: it must be a whole number ({advice}).")
    return int(number)
