"""How many interviews find a difference: a gap between expectation and perception, two groups, two waves?

Every size here is asked for in one of two ways: by a ``margin`` (how wide may the interval of the difference be?) or by
the difference that must not be missed and the ``power`` to find it. :func:`detectable` goes the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from survey_design.errors import SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say
from survey_design.size.contrasts import (
    COCHRAN,
    COHEN,
    POWER,
    Alternative,
    Contrast,
    ProportionTest,
    Quantile,
    Sharing,
    Test,
    check_sizes,
    check_two_sided,
    design_words,
    effect_h,
    gap_sd,
    joined,
    mean_goal,
    one_sample,
    power_formula,
    refuse_unused,
    sd_of,
    share_power,
    share_spreads,
    shares_beside,
    t_words,
    two_samples,
    z_words,
)
from survey_design.size.ledger import (
    Goal,
    Quotas,
    SampleSize,
    bisect,
    check_number,
    counted,
    effective_n,
    figure,
    independent_n,
    write_ledger,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Pairing = Literal["paired", "independent"]

UNREACHED: Mapping[str, Text] = {
    "below": {"en": "no lower share is found with so few", "zh": "样本过少，无法发现更低的比例"},
    "above": {"en": "no higher share is found with so few", "zh": "样本过少，无法发现更高的比例"},
    "both": {"en": "no other share is found with so few", "zh": "样本过少，无法发现任何其他比例"},
    "below of this r": {"en": "no lower share that allows this r is found", "zh": "与该 r 相容的更低比例均无法发现"},
    "above of this r": {"en": "no higher share that allows this r is found", "zh": "与该 r 相容的更高比例均无法发现"},
    "both of this r": {"en": "no other share that allows this r is found", "zh": "与该 r 相容的其他比例均无法发现"},
}
_GAP: Text = {"en": "a gap", "zh": "差距"}
_DIFFERENCE: Text = {"en": "a difference", "zh": "差异"}
_MEAN_GAP: Text = {"en": "a mean gap", "zh": "平均差距"}
_MEANS: Text = {"en": "a difference of two means", "zh": "两组均值之差"}
_SHARES: Text = {"en": "a difference of two shares", "zh": "两组比例之差"}
_INDEPENDENT: Text = {"en": "two independent samples", "zh": "两个独立样本"}
_WALD: Text = {"en": "Wald interval of a difference", "zh": "比例之差的 Wald 区间"}
_GAP_GROUPS: tuple[Text, Text] = ({"en": "expectation", "zh": "期望"}, {"en": "perception", "zh": "感知"})
_PLAIN_GROUPS: tuple[Text, Text] = ({"en": "group 1", "zh": "第一组"}, {"en": "group 2", "zh": "第二组"})
_ONE_SAMPLE = "paired answers come from one sample; for two pass pairing='independent'"
_SHARES_TAKE_Z = "shares take the normal quantile"
_MEANS_TAKE_T = "it chooses a test of shares, and means are compared"
_FLEISS = "Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., ch. 4"


# --- the verbs ---------------------------------------------------------------------------------------------


def size_for_gap(
    *,
    sd: float | None = None,
    sd_e: float | None = None,
    sd_p: float | None = None,
    r: float | None = None,
    margin: float | None = None,
    gap: float | None = None,
    power: float = 0.8,
    pairing: Pairing = "paired",
    ratio: float = 1.0,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    quantile: Quantile = "t",
    population: float | None = None,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:
    """Interviews for a gap, perception less expectation: to estimate it within a margin, or to find it at all.

    Parameters
    ----------
    sd : standard deviation of the gap P − E over respondents (paired only)
    sd_e, sd_p, r : instead of ``sd``: those of expectation and perception, and their correlation over respondents
    margin : half the width of the interval that is allowed, in points of the scale
    gap : instead of ``margin``: the smallest gap that must not be missed, found with chance ``power``
    pairing : {"paired", "independent"}
        Do the same people answer both forms? With "independent" n counts both samples, and ``r`` has no place.
    ratio : perceptions interviewed per expectation (independent only)
    level : confidence; 1 − level is the significance level of the test
    alternative : {"two-sided", "one-sided"}
        Of the test; a margin has two sides.
    quantile : {"t", "z"}
        Student's t knows that sd is estimated from the same answers; z gives the handbooks' slightly smaller numbers.
    population, deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`

    Notes
    -----
    Paired::

        sd² = sd_e² + sd_p² − 2 r sd_e sd_p
        margin  n = (t(n − 1) sd / margin)²
        power   P(|T| > t(n − 1)), T noncentral t with n − 1 df and noncentrality √n gap/sd

    Independent: the variance of the gap is ``sd_e²/n_e + sd_p²/n_p``, its degrees of freedom Welch's. People who rate
    both forms alike (r = .5) need far fewer interviews than two samples. No sd is guessed: take it from a pilot or an
    earlier wave; a sixth to a quarter of the scale's range is a planning value to be said as such.

    References
    ----------
    Cohen (1988), ch. 2. Checked against R's ``pwr`` 1.3 (power 1e-6, n 1e-3) and statsmodels (tests/test_size.py).

    Examples
    --------
    Gaps of 0.15 where expectations are alike, perceptions vary and people are consistent:

    >>> size = size_for_gap(sd_e=0.6, sd_p=0.9, r=0.5, gap=0.15)
    >>> size.n, round(size.exact, 2)
    (222, 221.7)
    >>> size_for_gap(sd_e=0.6, sd_p=0.9, gap=0.15, pairing="independent").n_by_cell
    {'expectation': 410, 'perception': 410}
    >>> size_for_gap(sd=1.2, margin=0.15).n
    249
    """
    check_choice("pairing", pairing, Pairing)
    test, shared = Test(level, alternative), Sharing(ratio)
    if pairing == "paired":
        refuse_unused(_ONE_SAMPLE, ratio=(ratio, 1.0))
    contrast, assumed = gap_contrast(sd, sd_e, sd_p, r, pairing, shared, quantile)
    if pairing == "independent" and population is not None:
        raise SpecError("population is for one sample: with pairing='independent' each sample has its own. "
                        "Leave it out, or size each sample with size_for_mean.")  # fmt: skip
    groups = shared.groups(_GAP_GROUPS) if pairing == "independent" else ()
    goal = mean_goal(contrast, (_MEAN_GAP, _GAP), ("gap", margin, gap), power, test, quantile, assumed, groups)
    return write_ledger(None, goal, population=population, deff=deff, response_rate=response_rate, quotas=quotas)


def size_for_comparison(
    *,
    sd: float | Sequence[float] | None = None,
    p: Sequence[float] | None = None,
    margin: float | None = None,
    difference: float | None = None,
    power: float = 0.8,
    ratio: float = 1.0,
    overlap: float = 0.0,
    r: float = 0.0,
    comparisons: int = 1,
    method: ProportionTest | None = None,
    names: Sequence[str] | None = None,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    quantile: Quantile | None = None,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> SampleSize:
    """Interviews in two groups, or two waves, to compare their means or shares. n counts both together.

    Parameters
    ----------
    sd : standard deviation of the answers, one for both groups or a pair: means are compared
    p : the two shares expected, such as (0.7, 0.75): shares are compared
    margin : half the width of the interval of the difference that is allowed
    difference : instead of ``margin``: the smallest difference of means that must not be missed. For shares the
        difference is that of ``p``; leave it out.
    power : the chance of finding that difference
    ratio : interviews in the second group per interview in the first
    overlap : share of the smaller sample whose people are also in the other one (a panel has 1, fresh waves have 0)
    r : correlation of the two answers of the same people, with overlap. Of yes/no answers it has bounds:
        :func:`~survey_design.size.contrasts.possible_r`.
    comparisons : how many comparisons are made; each is held to (1 − level)/comparisons (Bonferroni)
    method : {"pooled", "arcsine"}
        Test of shares, for power: z with pooled variance (R's ``power.prop.test``; the default), or Cohen's h
        (``pwr.2p.test``).
    names : of the two groups, for the table
    level, alternative : as in :func:`size_for_gap`
    quantile : {"t", "z"}, of means: as in :func:`size_for_gap`, "t" by default; shares always take z
    deff, response_rate, quotas : the later steps; see :func:`~survey_design.size.write_ledger`. A quota is filled
        within each group. There is no finite population here: a difference is asked about the groups as such.

    Notes
    -----
    With m people in both samples, the variance of the difference is::

        s₁²/n₁ + s₂²/n₂ − 2 m r s₁ s₂ / (n₁ n₂)

    One sd: the test with pooled variance, n₁ + n₂ − 2 df. A pair of sds: Welch's test and df; where groups are of
    unequal size it finds a little less, even if the sds are the same. With overlap the tests of Derrick and others for
    equal and for unequal variances, with their df, which lie between the two-sample and the paired ones; with overlap 1
    use the paired test. Interviewing the same people again saves interviews when r is high; it answers who changed, and
    it loses people from wave to wave.

    References
    ----------
    Cohen (1988), ch. 2 and 6. Kish (1965), Survey Sampling, section 12.4, for overlapping samples. Derrick, Russ, Toher
    and White (2017), J. Modern Applied Statist. Methods 16(1), 137-157, for their degrees of freedom. Fleiss, Levin and
    Paik (2003), Statistical Methods for Rates and Proportions, ch. 4, for groups of unequal size. Checked against R's
    ``pwr`` 1.3 and ``power.prop.test``, and statsmodels (tests/test_size.py).

    Examples
    --------
    Half a standard deviation between two groups:

    >>> size = size_for_comparison(sd=1, difference=0.5)
    >>> size.n, size.n_by_cell
    (128, {'group 1': 64, 'group 2': 64})

    Satisfied customers, 70% before and 75% after the new layout; then with half of the people asked again:

    >>> size_for_comparison(p=(0.70, 0.75)).n, size_for_comparison(p=(0.70, 0.75), overlap=0.5, r=0.6).n
    (2502, 1752)
    """
    if (sd is None) == (p is None):
        raise SpecError("size_for_comparison needs either sd (to compare means) or p (to compare shares), not both.")
    shared = Sharing(ratio, overlap, r, comparisons)
    test = Test(shared.level(level), alternative)
    groups = shared.groups(_PLAIN_GROUPS if names is None else _named(names))
    if sd is not None:
        refuse_unused(_MEANS_TAKE_T, method=(method, None))
        goal = _means_goal(sd, ("difference", margin, difference), power, test, shared, quantile or "t", groups)
    elif difference is None:
        refuse_unused(_SHARES_TAKE_Z, quantile=(quantile, None))
        goal = _share_goal(pair_of(p), margin, power, test, method, shared, groups)  # type: ignore[arg-type]
    else:
        raise SpecError("difference follows from p: leave it out, or change p.")
    return write_ledger(None, goal, deff=deff, response_rate=response_rate, quotas=quotas)


@dataclass(frozen=True, eq=False, repr=False)
class Detectable(Result):
    """The smallest difference that n interviews find with a given power.

    Columns: ``n``; ``n_effective``, what they are worth as a simple random sample; ``difference``; for means ``effect``,
    the difference in standard deviations; for shares ``p_lower`` and ``p_higher``, the nearest shares on either side
    of p that are found, empty where no share is.
    """

    power: float = field(kw_only=True)
    level: float = field(kw_only=True)
    what: Text = field(kw_only=True)
    assumed: Text = field(kw_only=True)
    method: Text = field(kw_only=True)

    @property
    def difference(self) -> float:
        """The difference of the first row."""
        return float(self.frame["difference"].iloc[0])

    def _has_reasons(self) -> bool:
        return "reason" in self.frame and bool(self.frame["reason"].any())

    def title(self) -> str:
        what = say(self.what, self.language)
        return f"可发现的最小值：{what}" if self.language == "zh" else f"Smallest detectable: {what}"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("n", {"en": "n", "zh": "n"}, "count"),
            Column("n_effective", {"en": "worth (n effective)", "zh": "有效样本量"}, "number", decimals=1),
            Column("difference", {"en": "smallest difference", "zh": "最小差异"}, "number", decimals=3),
            Column("effect", {"en": "in sd", "zh": "以标准差计"}, "number", decimals=3),
            Column("p_lower", {"en": "share below", "zh": "较低比例"}, "number", decimals=3),
            Column("p_higher", {"en": "share above", "zh": "较高比例"}, "number", decimals=3),
            *((Column("reason", {"en": "remark", "zh": "说明"}, words=UNREACHED),) if self._has_reasons() else ()),
        )

    def sentence(self, language: Language | None = None) -> str:
        """The first row in words."""
        row, tongue = self.frame.iloc[0], language or self.language
        power, risk = f"{100 * self.power:.4g}%", f"{100 * (1 - self.level):.4g}%"
        what = say(self.what, tongue)
        if not np.isfinite(row["difference"]):
            return f"{row['n']:,.0f} 份访谈无法以 {power} 的功效发现{what}。" if tongue == "zh" else (
                f"{counted(row['n'], 'interview')} cannot find {what} with a power of {power}.")  # fmt: skip
        found = figure(row["difference"])
        if tongue == "zh":
            return f"{row['n']:,.0f} 份访谈能以 {power} 的功效发现不小于 {found} 的{what}（显著性水平 {risk}）。"
        return f"{counted(row['n'], 'interview')} find {what} of {found} or more with a power of {power} (significance level {risk})."

    def note(self) -> str:
        parts = [say(text, self.language) for text in (self.assumed, self.method)]
        power, risk = f"{100 * self.power:.4g}%", f"{100 * (1 - self.level):.4g}%"
        if self.language == "zh":
            return "；".join([f"功效 {power}，显著性水平 {risk}", *filter(None, parts)]) + "。"
        return "; ".join([f"power {power}, significance level {risk}", *filter(None, parts)]) + "."

    def plot(self, ax: Axes | None = None) -> Axes:
        """The smallest detectable difference against n; needs two or more n."""
        from survey_design.plots.size import draw_detectable

        return draw_detectable(self, ax)


def detectable(
    n: float | Sequence[float],
    *,
    sd: float | None = None,
    sd_e: float | None = None,
    sd_p: float | None = None,
    p: float | None = None,
    r: float | None = None,
    power: float = 0.8,
    pairing: Pairing = "paired",
    ratio: float = 1.0,
    overlap: float = 0.0,
    comparisons: int = 1,
    method: ProportionTest | None = None,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    quantile: Quantile | None = None,
    population: float | None = None,
    deff: float = 1.0,
) -> Detectable:
    """The smallest gap or difference that n interviews find with a given power.

    Parameters
    ----------
    n : interviews, one number or several. Both groups together where there are two.
    sd ; sd_e, sd_p, r : as in :func:`size_for_gap`; with ``pairing="independent"`` a single ``sd`` holds in both groups
    p : share in the first group: which shares of the second are told from it?
    overlap, r, ratio, comparisons, method : as in :func:`size_for_comparison`, of two groups. Only shares that allow
        such an r are looked at.
    power, level, alternative, population, deff : as in :func:`size_for_gap`
    quantile : {"t", "z"}, of means, "t" by default; shares always take z

    Returns
    -------
    Detectable
        One row for each n.

    Examples
    --------
    >>> detectable([100, 200, 400], sd=1.2).to_frame().round(3)[["n", "difference"]].to_string(index=False)
    '  n  difference\\n100       0.339\\n200       0.239\\n400       0.169'
    >>> print(detectable(200, sd=1.2, deff=1.4).sentence())
    200 interviews find a gap of 0.2832 or more with a power of 80% (significance level 5%).
    >>> detectable(2502, p=0.70).to_frame().round(4)[["p_lower", "p_higher"]].to_dict("records")
    [{'p_lower': 0.6475, 'p_higher': 0.75}]
    """
    check_choice("pairing", pairing, Pairing)
    check_number("deff", deff, 0, math.inf, "the design effect; 1 for a simple random sample")
    two = pairing == "independent" or p is not None
    shared = Sharing(ratio, overlap, (r or 0.0) if two and sd_e is None else 0.0, comparisons)
    test = Test(shared.level(level), alternative)
    test.check_power(power)
    if population is not None and two:
        raise SpecError("population is for one sample: leave it out where two groups are compared.")
    if p is not None:
        refuse_unused("with p shares are compared", sd=(sd, None), sd_e=(sd_e, None), sd_p=(sd_p, None))
        refuse_unused(_SHARES_TAKE_Z, quantile=(quantile, None))
        share = check_number("p", p, 0, 1, "a share")
        return _detectable_share(n, share, power, test, method or "pooled", shared, deff)
    refuse_unused(_MEANS_TAKE_T, method=(method, None))
    contrast, what, assumed = _contrast_found((sd, sd_e, sd_p, r), pairing, shared, quantile or "t")
    rows = [
        _detectable_row(size, contrast, power, test, population, deff)
        for size in check_sizes(n, contrast.least, population)
    ]
    frame = pd.DataFrame(rows, columns=["n", "n_effective", "difference", "effect"])
    words = joined([assumed, shared.words() if two else {}, design_words(population, deff)])
    method_words = t_words(test, quantile or "t")
    return Detectable(frame, power=power, level=test.level, what=what, assumed=words, method=method_words)


def _contrast_found(
    spreads: tuple[float | None, ...], pairing: Pairing, shared: Sharing, quantile: Quantile
) -> tuple[Contrast, Text, Text]:
    """The contrast that n interviews find, its name, and what it rests on."""
    sd, sd_e, sd_p, r = spreads
    if pairing == "independent" and sd is not None:
        refuse_unused("with sd two groups are compared", sd_e=(sd_e, None), sd_p=(sd_p, None))
        sds = _sds(sd)
        return two_samples(sds, shared, quantile, pooled=True), _DIFFERENCE, _sd_words(sd, sds)
    if pairing == "paired":
        refuse_unused(_ONE_SAMPLE, ratio=(shared.ratio, 1.0), overlap=(shared.overlap, 0.0))
    else:
        refuse_unused(
            "expectation and perception of two samples come from different people", overlap=(shared.overlap, 0.0)
        )
    contrast, assumed = gap_contrast(sd, sd_e, sd_p, r, pairing, shared, quantile)
    return contrast, _GAP, assumed


def _detectable_row(
    n: float, contrast: Contrast, power: float, test: Test, population: float | None, deff: float
) -> tuple[float, float, float, float]:
    effective = effective_n(n, population=population, deff=deff)
    if math.isinf(effective):
        return n, effective, 0.0, 0.0
    independent = independent_n(n, deff)
    df = contrast.df(independent)
    if df <= 0:
        raise SpecError(
            f"n={n:g} with deff={deff:g} is worth {independent:.3g} interviews, too few to estimate an error."
        )
    highest = 8.0
    while test.power(highest, df) < power:
        highest *= 2
    difference = bisect(lambda shift: test.power(shift, df) >= power, 0, highest) * contrast.se(effective)
    return n, effective, difference, difference / contrast.sd


def _detectable_share(
    n: float | Sequence[float], p: float, power: float, test: Test, method: ProportionTest, shared: Sharing, deff: float
) -> Detectable:
    """The shares next to p that a test tells from it, below and above."""
    shared.refuse_impossible(p, p)
    ends = shares_beside(p, shared.r)

    def nearest(effective: float, end: float) -> float:
        def is_found(step: float) -> bool:
            return share_power((p, p + step * (end - p)), test, method, shared)(effective, effective) >= power

        most = 1 - 1e-9  # a share of exactly 0 or 1 has no variance, and r = 1 leaves none to any other share
        return p + bisect(is_found, 0, most) * (end - p) if is_found(most) else math.nan

    rows = []
    for size in check_sizes(n, 2, None):
        low, high = (nearest(size / deff, end) for end in ends)
        steps = [abs(found - p) for found in (low, high) if not math.isnan(found)]
        reason = "" if len(steps) == 2 else "both" if not steps else "below" if math.isnan(low) else "above"
        reason += " of this r" if reason and shared.r else ""
        rows.append((size, size / deff, max(steps, default=math.nan), low, high, reason))
    frame = pd.DataFrame(rows, columns=["n", "n_effective", "difference", "p_lower", "p_higher", "reason"])
    assumed: Text = {"en": f"share in group 1: {figure(p)}", "zh": f"第一组比例 {figure(p)}"}
    words = joined([assumed, shared.words(), design_words(None, deff)])
    return Detectable(frame, power=power, level=test.level, what=_SHARES, assumed=words, method=z_words(test, method))


# --- from arguments to a goal ------------------------------------------------------------------------------


def gap_contrast(
    sd: float | None, sd_e: float | None, sd_p: float | None, r: float | None, pairing: Pairing, shared: Sharing,
    quantile: Quantile,
) -> tuple[Contrast, Text]:  # fmt: skip
    """The gap as a contrast, and what it rests on."""
    if pairing == "paired":
        if sd is not None and sd_e is sd_p is r is None:
            (sd, _) = _sds(sd)
            return one_sample(sd, quantile), {"en": f"sd of the gap {figure(sd)}", "zh": f"差距的标准差 {figure(sd)}"}
        if sd is None and sd_e is not None and sd_p is not None and r is not None:
            known = gap_sd(sd_e, sd_p, r)
            text = f"sd_e = {figure(sd_e)}, sd_p = {figure(sd_p)}, r = {figure(r)}"
            return one_sample(known, quantile), {"en": f"sd of the gap {figure(known)} ({text})",
                                                 "zh": f"差距的标准差 {figure(known)}（{text}）"}  # fmt: skip
        raise SpecError("A paired gap needs its sd, or all of sd_e, sd_p and r, and nothing else. "
                        "Where different people were asked, pass pairing='independent'.")  # fmt: skip
    if sd is not None or r is not None or sd_e is None or sd_p is None:
        raise SpecError("A gap of two independent samples needs sd_e and sd_p, and neither sd nor r: "
                        "answers of different people have no correlation.")  # fmt: skip
    gap_sd(sd_e, sd_p, 0)  # checks both
    text = f"sd_e = {figure(sd_e)}, sd_p = {figure(sd_p)}"
    return two_samples((sd_e, sd_p), shared, quantile), joined([{"en": text, "zh": text}, _INDEPENDENT])


def _means_goal(
    sd: float | Sequence[float], asked: tuple[str, float | None, float | None], power: float, test: Test,
    shared: Sharing, quantile: Quantile, groups: tuple[tuple[Text, float], ...],
) -> Goal:  # fmt: skip
    """The goal of a comparison of means."""
    sds = _sds(sd)
    contrast = two_samples(sds, shared, quantile, pooled=np.ndim(sd) == 0)
    assumed = joined([_sd_words(sd, sds), shared.words()])
    return mean_goal(contrast, (_MEANS, _DIFFERENCE), asked, power, test, quantile, assumed, groups)


def _share_goal(
    pair: tuple[float, float], margin: float | None, power: float, test: Test, method: ProportionTest | None,
    shared: Sharing, groups: tuple[tuple[Text, float], ...],
) -> Goal:  # fmt: skip
    """The goal of a comparison of shares, by the margin of their difference or by the power to find it."""
    shared.refuse_impossible(*pair)
    first, second = (figure(p) for p in pair)
    words: Text = {"en": f"shares {first} and {second}", "zh": f"两组比例 {first} 与 {second}"}
    told: dict[str, Any] = {"what": _SHARES, "level": test.level, "least": 2, "groups": groups, "kind": "share",
                            "assumed": joined([words, shared.words()])}  # fmt: skip
    if margin is not None:
        half = check_number("margin", margin, 0, 1, "half the width of the interval; 0.05 for 5 points")
        check_two_sided(test)
        refuse_unused("a margin is kept, not tested for", method=(method, None), power=(power, POWER))
        contrast = two_samples((sd_of(pair[0]), sd_of(pair[1])), shared, "z")
        formula = f"({figure(test.quantile())} × {figure(math.sqrt(contrast.variance))} / {figure(half)})²"
        return Goal(reach=contrast.margin(test), target=half, formula=formula, method=_WALD, source=COCHRAN, **told)
    if pair[0] == pair[1]:
        raise SpecError(f"p={pair!r} cannot be used: the two shares are equal, so there is no difference to find. "
                        "Give two different shares, or a margin.")  # fmt: skip
    test.check_power(power)
    method = method or "pooled"
    written = _arcsine_formula if method == "arcsine" else _pooled_formula
    found: Text = {"en": f"a difference of {first} and {second}", "zh": f"{first} 与 {second} 之差"}
    return Goal(reach=share_power(pair, test, method, shared), target=power, measure="power", effect=found,
                formula=written(pair, power, test, shared), method=z_words(test, method),
                source=COHEN if method == "arcsine" else _FLEISS, **told)  # fmt: skip


def _arcsine_formula(pair: tuple[float, float], power: float, test: Test, shared: Sharing) -> str:
    return power_formula("z", test, effect_h(*pair) / math.sqrt(shared.variance(1, 1)), power)


def _sds(sd: float | Sequence[float]) -> tuple[float, float]:
    """One standard deviation for both groups, or one for each."""
    given: list[Any] = [sd, sd] if np.ndim(sd) == 0 else list(sd)  # type: ignore[arg-type]
    if len(given) != 2:
        raise SpecError(f"sd={sd!r} cannot be used: give one standard deviation, or one for each of two groups.")
    first, second = (check_number("sd", each, 0, math.inf, "the standard deviation, from a pilot or an earlier wave")
                     for each in given)  # fmt: skip
    return first, second


def pair_of(p: Sequence[float]) -> tuple[float, float]:
    if np.ndim(p) != 1 or len(p) != 2:
        raise SpecError(f"p={p!r} cannot be used: give the shares of both groups, such as (0.70, 0.75).")
    first, second = (check_number("p", each, 0, 1, "a share; write 0.7 for 70%") for each in p)
    return first, second


def _named(names: Sequence[str]) -> tuple[Text, Text]:
    if isinstance(names, str) or len(names) != 2 or names[0] == names[1]:
        raise SpecError(f"names={names!r} cannot be used: give two different names, one for each group.")
    first, second = ({"en": str(name), "zh": str(name)} for name in names)
    return first, second


def _sd_words(sd: float | Sequence[float], sds: tuple[float, float]) -> Text:
    """Spreads, and the test that follows from giving one or two of them."""
    if np.ndim(sd) == 0:
        told = figure(sds[0])
        return {"en": f"sd = {told} in both groups (pooled variance)", "zh": f"两组标准差均为 {told}（合并方差）"}
    told = " / ".join(figure(each) for each in sds)
    return {"en": f"sd = {told} (Welch's test)", "zh": f"标准差 = {told}（Welch 检验）"}


def _pooled_formula(pair: tuple[float, float], power: float, test: Test, shared: Sharing) -> str:
    """The z of the test times the pooled spread, the z of the power times the shares' own, over the difference."""
    null, own = (figure(spread) for spread in share_spreads(pair, shared))
    critical, chance = figure(test.quantile()), figure(Test(power, "one-sided").quantile())
    return f"(({critical} × {null} + {chance} × {own}) / {figure(abs(pair[0] - pair[1]))})²"
