"""How sure: an interval for any function of moments, under the design the sample was drawn with.

Every estimate is linearised: to first order its error is a weighted sum of one number per respondent, its
influence. Variances of that sum follow from the cells of :class:`~servqual.moments.Moments` (totals per
cluster, and sums of squares where the respondent is the unit). *How* the interval is made is an object,
:class:`Taylor` or :class:`Student`; *how wide* it is, is ``level``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.moments import (
    EVERYONE,
    AllBut,
    Cells,
    Layout,
    Moments,
    ScoreMap,
    answer_matrix,
    margin_rows,
    one_blas_thread,
    row_weights,
    rows_of,
)
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Result, Text, say
from survey_design.sampling import SampleDesign
from survey_design.sampling.margins import Margins

Array = NDArray[Any]
_ROUNDING = 1e-13
_SOME = 65_536  # rows that tell about where whole numbers lie
CAREFUL = 2 / 3  # effective degrees of freedom, as a share of those used, under which coverage falls below 93%
Adjust = Literal["holm", "bonferroni", "fdr_bh", "fdr_by", "none"]

ADJUSTMENTS: Mapping[str, Text] = {
    "holm": {"en": "Holm", "zh": "Holm 法"},
    "bonferroni": {"en": "Bonferroni", "zh": "Bonferroni 法"},
    "fdr_bh": {"en": "Benjamini-Hochberg", "zh": "Benjamini–Hochberg 法"},
    "fdr_by": {"en": "Benjamini-Yekutieli", "zh": "Benjamini–Yekutieli 法"},
    "none": {"en": "none", "zh": "未校正"},
}
RESPONDENTS: Text = {"en": "respondents", "zh": "受访者"}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "nobody": {"en": "nobody answered", "zh": "无人作答"},
    "one answer": {"en": "one answer: no error can be computed", "zh": "仅一份回答，无法计算误差"},
    "one side": {"en": "only one form was answered here", "zh": "此处只有一种问卷的回答"},
    "no df": {"en": "no degrees of freedom: one cluster per stratum", "zh": "自由度为零：每层仅一个群"},
    "no variation": {"en": "all answers are the same: nothing to test against", "zh": "回答全部相同，无法检验"},
    "empty replicates": {
        "en": "some replicates hold nobody of this row: use Taylor()",
        "zh": "部分重复样本中无此组受访者，请改用 Taylor()",
    },
    "suppressed": {
        "en": "suppressed: too few answers, or others could be worked out from it",
        "zh": "已隐去：样本量过小，或可据此推算其他样本量过小的数值",
    },
    "no interval": {"en": "a share of 0 or 1 has no logit interval", "zh": "比例为 0 或 1 时无 logit 区间"},
    "one cluster": {
        "en": "one cluster: respondents are the units, other clusters are not spoken for",
        "zh": "仅一个群：以受访者为单位，不能推论到其他群",
    },
}


@dataclass(frozen=True, eq=False)
class Term:
    """What the rows of one domain contribute to m estimates.

    Attributes
    ----------
    domain : the domain's labels, or None for all rows, or all but some domains
    coefficients : (m, q) influence of a row on each estimate, as coefficients of its ``z``
    used : (m, a) positions in ``z`` of the masks each estimate rests on
    sample : rows of terms with one mark were drawn together (matters to :class:`Student` and to design effects)
    """

    domain: tuple[Any, ...] | None
    coefficients: Array
    used: Array
    sample: Hashable = 0

    def selecting(self, chosen: Array) -> Term:
        """The same term for some of the estimates."""
        return Term(self.domain, self.coefficients[chosen], self.used[chosen], self.sample)


@dataclass(frozen=True, eq=False)
class Spread:
    """Covariance of m estimates and what it rests on.

    Attributes
    ----------
    covariance : (m, m)
    df : (m,) degrees of freedom of a t interval
    lonely : strata with one cluster; their deviation is taken from the overall mean
    replicates : (r, m) values whose quantiles make the interval, where that was asked for
    """

    covariance: Array
    df: Array
    lonely: tuple[str, ...] = ()
    replicates: Array | None = None

    def bounds(self, value: Array, level: float) -> tuple[Array, Array]:
        """Interval around the values: Student's t, or quantiles where replicates were asked for."""
        if self.replicates is None:
            return t_interval(value, np.where(self.df > 0, self.se, np.nan), self.df, level)
        tails = [(1 - level) / 2, (1 + level) / 2]
        low, high = np.quantile(self.replicates, tails, axis=0)
        return np.where(self.df > 0, low, np.nan), np.where(self.df > 0, high, np.nan)

    @property
    def se(self) -> Array:
        """(m,) standard errors."""
        return np.sqrt(np.clip(np.diagonal(self.covariance), 0, None))


@dataclass(frozen=True, eq=False)
class Again:
    """What replicates need to compute estimates again.

    Attributes
    ----------
    moments : of the columns that the estimates are computed from
    answers, code, weight : (n, k), (n,), (n,) the rows, their cells and weights; read where respondents are units, None
        where they were streamed
    whole : True if second-order sums are needed
    values : maps a function "sums of a domain, (r, 1 or q, q)" to the (r, m) estimates
    """

    moments: Moments
    answers: Array | None
    code: Array | None
    weight: Array | None
    whole: bool
    values: Callable[[Callable[[Any], Array]], Array]


class Interval(Protocol):
    """How an interval is made."""

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """Covariance and degrees of freedom of the estimates that the terms describe."""
        ...

    def sentence(self, language: str) -> str:
        """How the interval is made, in words."""
        ...


@dataclass(frozen=True)
class Student:
    """Respondents of a row are independent and count as drawn at random: the textbook t interval.

    With terms from several samples (two files) the degrees of freedom are Welch-Satterthwaite's. Weights are
    respected; clusters and strata are not.

    References
    ----------
    Student (1908), Biometrika 6, 1-25, doi:10.1093/biomet/6.1.1. Welch (1947), Biometrika 34, 28-35,
    doi:10.1093/biomet/34.1-2.28. Checked against R's ``t.test`` (tests/test_gaps.py, tests/test_inference.py).
    """

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """Covariance of the estimates, each sample's rows taken as independent."""
        m = len(terms[0].coefficients)
        covariance, parts = np.zeros((m, m)), []
        for sample in dict.fromkeys(term.sample for term in terms):
            own = [term for term in terms if term.sample == sample]
            with one_blas_thread():
                n, products = _row_products(moments, own)
            if not products.any() and not n.any():
                continue
            factor = np.sqrt(_small_sample(n))
            products = products * np.outer(factor, factor)
            covariance += products
            parts.append((np.diagonal(products), n - 1, n))
        return Spread(covariance, _satterthwaite(parts, m))

    def sentence(self, language: str, units: Text = RESPONDENTS) -> str:
        """How the interval is made, in words; ``units`` are what the rows stand for."""
        if language == "zh":
            return f"学生 t 区间：{units['zh']}相互独立，不计抽样设计"
        return f"Student's t interval: {units['en']} independent, no sample design"


@dataclass(frozen=True)
class Taylor:
    """Design-based interval by linearisation: strata, clusters, weights and finite populations count.

    With clusters, variance is ``sum_h (1 - f_h) n_h/(n_h - 1) sum_c (u_hc - mean_h)^2`` over cluster totals u of
    the influence, plus, where the population is known, ``f_h`` times the same expression within clusters. A
    stratum with all its clusters visited (f_h = 1) keeps only the part within: the statement is then about these
    clusters. Clusters without anybody of a domain stay, as zeros. Degrees of freedom are clusters minus strata,
    counted among those with answers; parts from different files or of a different kind (sampled and completely
    visited strata) are combined after Satterthwaite. A stratum with a single cluster is lonely: nothing shows how
    clusters differ in it, so its deviation from the overall mean stands in.

    Where weights were calibrated to known totals, what these explain does not vary from sample to sample: the influence y
    of each row, outside of a domain 0, gives way to its residual ``y - x'B`` with x the row's margins and
    ``B = (sum d x x')⁻¹ sum d x y`` under the base weights d.

    Attributes
    ----------
    margins : what the weights were calibrated to; set from the design. Moments without them are then refused, so that no
        interval leaves the calibration out in silence.

    References
    ----------
    Deville and Särndal (1992), J. Am. Statist. Assoc. 87, 376-382, doi:10.1080/01621459.1992.10475217. Binder (1983),
    International Statistical Review 51, 279-292, doi:10.2307/1402588. Lumley (2010), Complex Surveys, Wiley,
    doi:10.1002/9780470580066. Checked against R's ``survey`` 4.1 (tests/test_inference.py, tests/test_calibration.py).
    """

    margins: Margins | None = None

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """Covariance of the estimates under the design that the cells carry."""
        if moments.margins is not None:
            moments, terms = _left_of_margins(moments, terms)
        elif self.margins is not None:
            raise SpecError(NOT_COUNTED_IN.format(words=self.margins.words()))
        plan = _Plan.of(moments.layout)
        with one_blas_thread():
            influence = _Influence.of(moments, terms)
            answering = influence.answering()
            open_to_chance = answering * plan.uncertain()[:, None]
            kinds = [plan.kind == kind for kind in np.unique(plan.kind)]
            parts = [(*influence.part(plan, chosen), open_to_chance[chosen].sum(axis=0)) for chosen in kinds]
        m = len(terms[0].coefficients)
        covariance = np.sum([part for part, _, _ in parts], axis=0)
        df = _satterthwaite([(np.diagonal(part), df, used) for part, df, used in parts], m)
        lonely = plan.lonely & answering.any(axis=1)
        return Spread(covariance, df, tuple(str(name) for name in moments.layout.names[lonely]))

    def sentence(self, language: str) -> str:
        if language == "zh":
            calibrated = "" if self.margins is None else f"（权数{self.margins.words('zh')}，误差已计入校准）"
            return f"泰勒线性化区间：计入分层、群和权数{calibrated}，t 分布自由度 = 群数 − 层数"
        words = "" if self.margins is None else f" (weights {self.margins.words()}, which the errors count in)"
        counted = f"strata, clusters and weights counted{words}"
        return f"Taylor linearisation: {counted}, t with clusters − strata degrees of freedom"


NOT_COUNTED_IN = (
    "the weights were {words}, which this table cannot count in. Give a design without it, design.without_margins(): its "
    "errors take the weights as given and are usually too large."
)


def _left_of_margins(moments: Moments, terms: Sequence[Term]) -> tuple[Moments, list[Term]]:
    """Moments with margins beside ``z``, and terms whose influence is what the margins leave unexplained.

    A domain's estimate has influence outside of it as well: there the margins' part alone is left, with its sign turned.
    """
    wide, q = moments.wide, moments.first.shape[1]
    j = (wide.first.shape[1] - q) // 2
    x, base_x = slice(q, q + j), slice(q + j, q + 2 * j)
    known = wide.total()[x, base_x]
    explained = np.zeros((len(terms[0].coefficients), j))
    for term in terms:
        explained += term.coefficients @ wide.first[moments.in_domain(term.domain)].sum(axis=0)[:q, base_x]
    slopes = explained @ _inverse(known)
    beside = np.concatenate([-slopes, np.zeros_like(slopes)], axis=1)
    nothing = np.zeros((len(slopes), q))
    left: list[Term] = []
    for k, term in enumerate(terms):
        once = np.zeros_like(beside) if term.domain in [known.domain for known in terms[:k]] else beside
        left.append(replace(term, coefficients=np.concatenate([term.coefficients, once], axis=1)))
    if all(term.domain is not None for term in terms):
        elsewhere = AllBut(term.domain for term in terms)
        left.append(Term(elsewhere, np.concatenate([nothing, beside], axis=1), np.zeros((len(slopes), 0), dtype=int)))
    return wide, left


def _inverse(gram: Array) -> Array:
    """Pseudo-inverse of a Gram matrix whose columns may be in any unit; margins overlap, since each adds up to everybody."""
    size = np.sqrt(np.where(np.diagonal(gram) > 0, np.diagonal(gram), 1.0))
    scaled = gram / np.outer(size, size)
    return np.asarray(np.linalg.pinv((scaled + scaled.T) / 2, rcond=1e-10, hermitian=True) / np.outer(size, size))


@dataclass(frozen=True, eq=False)
class _Plan:
    """What each first-stage unit and each stratum counts for in a variance.

    ``V = sum_p a_p u_p u_p' - sum_h c_h T_h T_h' + sum_g b_g Q_g - sum_g d_g v_g v_g'`` with totals u per first-stage
    unit, T per stratum, v per first-stage unit and file, and Q the products of second-stage units: ``a = (1 - f) n/(n - 1)`` and ``c = a/n`` between,
    ``b = f (1 - f2) m/(m - 1)`` and ``d = b/m`` within. A lone unit keeps its square: c or d is 0.
    """

    layout: Layout
    a: Array
    b: Array
    c: Array
    d: Array
    kind: Array
    lonely: Array

    @classmethod
    def of(cls, layout: Layout) -> _Plan:
        stratum = layout.stratum[layout.psu_of_group]
        n = np.where(layout.clustered, layout.clusters, np.bincount(stratum, layout.units, len(layout.names)))
        f = fractions(n, layout.size, layout.names)
        between = np.where(layout.clustered, (1 - f) * _small_sample(n), 0.0)
        census = layout.clustered & (f == 1)
        m, direct = layout.units, ~layout.clustered[stratum]
        f2 = fractions(m, np.where(direct, np.nan, layout.population), layout.names[stratum])
        share = np.where(direct, 1 - f[stratum], f[stratum] * (1 - f2))
        b = share * _small_sample(m)
        kind = layout.source * 2 + census
        lonely = (n == 1) & ~census
        return cls(layout, between[layout.stratum], b, np.where(n > 1, between / n, 0.0), np.where(m > 1, b / m, 0.0),
                   kind, lonely)  # fmt: skip

    def uncertain(self) -> Array:
        """(strata,) True where something was left to chance: not everything was visited and asked."""
        layout, out = self.layout, np.zeros(len(self.layout.names), dtype=bool)
        np.logical_or.at(out, layout.stratum, self.a > 0)
        np.logical_or.at(out, layout.stratum[layout.psu_of_group], self.b > 0)
        return out


@dataclass(frozen=True, eq=False)
class _Influence:
    """Influence summed per cell: totals (cells, m), answers used (cells, m).

    ``within`` are the terms and those of their cells whose people, one by one, may be counted: coefficients (m, q), cells,
    and products of ``z`` (cells, q, q). ``size`` (m,) is how large the squares are that the variance is left of.
    """

    layout: Layout
    totals: Array
    used: Array
    within: tuple[tuple[Array, Array, Array], ...]
    size: Array

    @classmethod
    def of(cls, moments: Moments, terms: Sequence[Term]) -> _Influence:
        m, cells = len(terms[0].coefficients), len(moments.cells)
        layout = moments.layout
        counted = (~layout.clustered | ~np.isnan(layout.size))[layout.stratum][layout.psu] & (layout.subcluster < 0)
        totals, used, size = np.zeros((cells, m)), np.zeros((cells, m)), np.zeros(m)
        within = []
        for term in terms:
            inside = moments.in_domain(term.domain)
            totals[inside] += moments.first[inside, 0] @ term.coefficients.T
            added = np.abs(moments.first[inside, 0]) @ np.abs(term.coefficients).T
            size += (added**2).sum(axis=0)
            used[inside] += moments.count[inside, 0][:, term.used].sum(axis=2)
            inside = inside[counted[inside]]
            if len(inside):
                grams = moments.second[inside]
                within.append((term.coefficients, inside, grams))
                size += _size_of_products(term.coefficients, np.abs(grams).sum(axis=0))
        return cls(layout, totals, used, tuple(within), size)

    def answering(self) -> Array:
        """(strata, m) answers used per stratum."""
        psus = _by_code(self.used, self.layout.psu, len(self.layout.stratum))
        return _by_code(psus, self.layout.stratum, len(self.layout.names))

    def part(self, plan: _Plan, strata: Array) -> tuple[Array, Array]:
        """Covariance and degrees of freedom from the chosen strata."""
        layout = self.layout
        chosen = strata[layout.stratum]
        u = _by_code(self.totals, layout.psu, len(layout.stratum)) * chosen[:, None]
        t = _by_code(u, layout.stratum, len(layout.names))
        v = _by_code(self.totals, layout.group, len(layout.psu_of_group)) * chosen[layout.psu_of_group][:, None]
        b = np.where(chosen[layout.psu_of_group], plan.b, 0.0)
        positive = (u.T * plan.a) @ u + self._within(b)
        covariance = positive - (t.T * plan.c) @ t - (v.T * plan.d) @ v
        return _rounded(covariance, self.size), self._df(strata)

    def _within(self, b: Array) -> Array:
        """Products of second-stage units: respondents, or subclusters where these were drawn."""
        layout = self.layout
        out = np.zeros((self.totals.shape[1],) * 2)
        for coefficients, cells, grams in self.within:
            weight = b[layout.group[cells]]
            if weight.any():  # most kinds of strata leave nothing open within their clusters
                out += coefficients @ np.tensordot(weight, grams, axes=1) @ coefficients.T
        drawn = layout.subcluster >= 0
        if not drawn.any():
            return out
        code, first = np.unique(layout.subcluster[drawn], return_index=True)
        units = _by_code(self.totals[drawn], np.searchsorted(code, layout.subcluster[drawn]), len(code))
        return np.asarray(out + (units.T * b[layout.group[drawn][first]]) @ units)

    def _df(self, strata: Array) -> Array:
        """(m,) first-stage units with answers minus strata with answers; units below in a census."""
        layout = self.layout
        psus = _by_code(self.used, layout.psu, len(layout.stratum))
        rows = _by_code(self._units_below(psus), layout.stratum, len(layout.names))[strata]
        clusters = _by_code((psus > 0).astype(float), layout.stratum, len(layout.names))[strata]
        census = (layout.clustered & (layout.clusters >= layout.size))[strata][:, None]
        clustered = layout.clustered[strata][:, None]
        df = np.where(census, rows - clusters, np.where(clustered, clusters, rows) - 1)
        return np.asarray(np.maximum(df, 0).sum(axis=0))

    def _units_below(self, used: Array) -> Array:
        """(psus, m) second-stage units with answers: respondents, or subclusters where these were drawn."""
        layout = self.layout
        drawn = layout.subcluster >= 0
        if not drawn.any():
            return used
        code, first = np.unique(layout.subcluster[drawn], return_index=True)
        place = np.searchsorted(code, layout.subcluster[drawn])
        answering = (_by_code(self.used[drawn], place, len(code)) > 0).astype(float)
        below = _by_code(answering, layout.psu[drawn][first], len(layout.stratum))
        has = np.isin(np.arange(len(layout.stratum)), layout.psu[drawn])
        return np.where(has[:, None], below, used)


def fractions(n: Array, size: Array, names: Array) -> Array:
    """Sampled share of each population: 0 where its size is unknown, 1 where everyone was asked."""
    over = n > size * (1 + 1e-9)
    if (over & (size != EVERYONE)).any():
        k = int(np.flatnonzero(over & (size != EVERYONE))[0])
        where = f"stratum {names[k]}" if names[k] else "the sample"
        raise DataError(
            f"{where}: {n[k]:.0f} were sampled from a population of {size[k]:g}. Correct the population size."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size == EVERYONE, 1.0, np.where(np.isnan(size), 0.0, np.minimum(1.0, n / size)))


def _rounded(covariance: Array, size: Array) -> Array:
    """Zero where nothing but rounding is left of terms of a certain size: equal numbers do not vary."""
    root = np.sqrt(np.clip(size, 0, None))
    return np.where(np.abs(covariance) < _ROUNDING * np.outer(root, root), 0.0, covariance)


def _by_code(values: Array, code: Array, n: int) -> Array:
    out = np.zeros((n, *values.shape[1:]))
    np.add.at(out, code, values)
    return out


def _row_products(moments: Moments, terms: Sequence[Term]) -> tuple[Array, Array]:
    """(m,) answers used and (m, m) sum of products of the rows' influence about its mean."""
    m = len(terms[0].coefficients)
    n, total, products, size = np.zeros(m), np.zeros(m), np.zeros((m, m)), np.zeros(m)
    for term in terms:
        inside = moments.in_domain(term.domain)
        n += moments.sums(inside, 0)[term.used].sum(axis=1)
        total += term.coefficients @ moments.sums(inside)
        gram = moments.total(inside, 2)
        products += term.coefficients @ gram @ term.coefficients.T
        size += _size_of_products(term.coefficients, np.abs(gram))
    root = np.sqrt(np.maximum(n, 1))
    return n, _rounded(products - np.outer(total / root, total / root), size)


def _size_of_products(coefficients: Array, gram: Array) -> Array:
    """(m,) size of the terms that squares of influence are added up of; ``gram`` without signs."""
    plain = np.abs(coefficients)
    return np.asarray(((plain @ gram) * plain).sum(axis=1))


def _small_sample(n: Array) -> Array:
    return np.where(n > 1, n / np.maximum(n - 1, 1), 1.0)


def _satterthwaite(parts: Sequence[tuple[Array, Array, Array]], m: int) -> Array:
    """(m,) degrees of freedom of a sum of independent variances, each given as (variance, df, answers used).

    A part with answers but no degrees of freedom (one person, one cluster) leaves none to the sum: its variance of 0 is
    not knowledge. One part alone keeps its own.
    """
    if not parts:
        return np.zeros(m)
    variances = np.clip(np.array([variance for variance, _, _ in parts]), 0, None)
    dfs = np.array([df for _, df, _ in parts], dtype=float)
    used = np.array([np.asarray(n) > 0 for _, _, n in parts])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(variances > 0, variances**2 / dfs, 0.0).sum(axis=0)
        combined = variances.sum(axis=0) ** 2 / shares
    flat = variances.sum(axis=0) == 0
    df = np.where(
        flat | ((variances > 0).sum(axis=0) <= 1), np.where(flat | (variances > 0), dfs, 0.0).sum(axis=0), combined
    )
    return np.where((used & ~(dfs > 0)).any(axis=0) | ~np.isfinite(df), 0.0, df)


def independent(spreads: Sequence[Spread]) -> Spread:
    """Spread of a sum of independent estimates."""
    m = len(spreads[0].df)
    df = _satterthwaite([(np.diagonal(spread.covariance), spread.df, np.ones(m)) for spread in spreads], m)
    lonely = tuple(name for spread in spreads for name in spread.lonely)
    return Spread(np.sum([spread.covariance for spread in spreads], axis=0), df, lonely)


def lonely_covariance(moments: Moments, terms: Sequence[Term]) -> Array:
    """(m, m) what strata with a single cluster add: the square of their deviation from the overall mean."""
    influence, plan = _Influence.of(moments, terms), _Plan.of(moments.layout)
    lonely = plan.lonely & moments.layout.clustered
    totals = _by_code(influence.totals, moments.layout.psu, len(moments.layout.stratum))
    chosen = lonely[moments.layout.stratum]
    return np.asarray((totals[chosen].T * plan.a[chosen]) @ totals[chosen])


def choose_interval(design: SampleDesign, interval: Interval | None) -> Interval:
    """The interval asked for, or the default: :class:`Taylor` where a design is described, else :class:`Student`.

    Under calibrated weights it knows what these were calibrated to.
    """
    chosen = interval or (Student() if design.is_simple else Taylor())
    if design.margins is None or isinstance(chosen, Student):
        return chosen
    if not isinstance(chosen, Taylor):
        raise SpecError(f"the weights were {design.margins.words()}: replicates would have to be calibrated one by one. Use Taylor(), "
                        "which counts the calibration in.")  # fmt: skip
    return Taylor(design.margins)


def within_one_cluster(moments: Moments, domains: Sequence[tuple[Any, ...] | None]) -> bool:
    """True if all rows of these domains come from a single cluster, so that respondents are the units."""
    inside = np.concatenate([moments.in_domain(domain) for domain in domains])
    units = np.unique(moments.layout.psu[inside])
    return len(units) == 1 and bool(moments.layout.clustered[moments.layout.stratum[units[0]]])


def inside_one_cluster(moments: Moments, terms: Sequence[Term]) -> Spread:
    """Spread of estimates from one cluster alone: between its subclusters where these were drawn, else its people."""
    cells = moments.cells.iloc[np.concatenate([moments.in_domain(term.domain) for term in terms])]
    if (cells["subcluster"] == "").all() and cells["units_in_population"].isna().all():
        return Student().spread(moments, terms)
    return Taylor().spread(moments.within_clusters(), terms)


def effective_df(moments: Moments, files: Sequence[Sequence[Sequence[tuple[Any, ...] | None]]]) -> tuple[float, float]:
    """Degrees of freedom that clusters of unequal weight amount to, and as counted; nan where clusters are not the units.

    With a cluster's share a of a side's weight, ``K = 1 / sum a^2`` clusters of equal weight would weigh the same, and
    the side has ``K - strata``. Several sides (two groups that are compared, two files) are combined after
    Satterthwaite, their variances taken as ``1 / K``. Equal clusters give clusters minus strata, as :class:`Taylor`
    counts them. Where it falls under two thirds of that, simulated 95% intervals held the truth in fewer than 93 of 100
    studies (docs/coverage.md). Files without clusters, or with a completely visited stratum, are left out.

    Parameters
    ----------
    files : for each file its sides, for each side the domains that its people are in

    References
    ----------
    Kish (1965), Survey Sampling, Wiley. Satterthwaite (1946), Biometrics Bulletin 2, 110-114, doi:10.2307/3002019.

    Examples
    --------
    >>> frame = pd.DataFrame({"store": list("aaaabbc"), "x": range(7)})
    >>> effective, counted = effective_df(Moments.from_frame(frame, ["x"], SampleDesign(clusters="store")), [[[None]]])
    >>> round(effective, 3), counted
    (1.333, 2.0)
    """
    layout, own, counted = moments.layout, [], []
    sampled = layout.clustered & ~(layout.clusters >= layout.size)
    for sides in files:
        cells = [
            np.concatenate([np.zeros(0, dtype=int), *(moments.in_domain(domain) for domain in side)]) for side in sides
        ]
        units = [layout.psu[inside] for inside in cells]
        if not all(len(psu) and sampled[layout.stratum[psu]].all() for psu in units):
            continue
        for inside, psu in zip(cells, units, strict=True):
            weight = np.bincount(psu, moments.first[inside, 0, 0])
            own.append((float((weight**2).sum() / weight.sum() ** 2), len(np.unique(layout.stratum[psu]))))
        met = np.unique(np.concatenate(units))
        counted.append((1 / len(met), len(np.unique(layout.stratum[met]))))
    return _combined_df(own), _combined_df(counted)


def _combined_df(sides: Sequence[tuple[float, int]]) -> float:
    """Satterthwaite's degrees of freedom of sides given as (1 / clusters, strata); nan without any."""
    if not sides:
        return float("nan")
    share, strata = np.array(sides, dtype=float).T
    df = 1 / share - strata
    return 0.0 if df.min() < _ROUNDING**0.5 else float(share.sum() ** 2 / (share**2 / df).sum())


def is_narrow(moments: Moments, files: Sequence[Sequence[Sequence[tuple[Any, ...] | None]]], df: Array) -> bool:
    """True if t takes many more degrees of freedom from clusters than there are clusters that carry the row."""
    effective, counted = effective_df(moments, files)
    return effective < CAREFUL * min(counted, float(np.max(df, initial=0)))


NARROW: Text = {
    "en": "few clusters carry most of the weight{rows}: in simulations such 95% intervals held the truth in fewer than 93 of "
    "100 studies, so read them as too narrow",
    "zh": "少数几个群占了大部分权重{rows}：模拟中此类 95% 区间包含真值的比例不足 93%，区间偏窄",
}


def complete_strata(moments: Moments) -> tuple[list[str], list[str]]:
    """Strata with clusters, split into those visited completely and the others."""
    layout = moments.layout
    whole = layout.clustered & (layout.clusters >= layout.size)
    return [str(name) for name in layout.names[whole]], [str(n) for n in layout.names[layout.clustered & ~whole]]


def left_to_chance(moments: Moments, domain: tuple[Any, ...] | None) -> bool:
    """True unless the design says that every cluster, and everyone in them, of the domain's strata is in the data."""
    layout = moments.layout
    strata = np.unique(layout.stratum[layout.psu[moments.in_domain(domain)]])
    return bool(_Plan.of(layout).uncertain()[strata].any())


def srs_variance(moments: Moments, terms: Sequence[Term], *, replacement: bool = True) -> Array:
    """(m,) variance the same estimates would have in simple random samples of the same sizes.

    The reference of a design effect. With ``replacement=False`` each sample comes without replacement from a
    population of the size that its weights add up to (R's ``deff = TRUE``).
    """
    m = len(terms[0].coefficients)
    variance = np.zeros(m)
    for sample in dict.fromkeys(term.sample for term in terms):
        own = [term for term in terms if term.sample == sample]
        n, weight, total, square = (np.zeros(m) for _ in range(4))
        for term in own:
            inside = moments.in_domain(term.domain)
            gram, b = moments.total(inside), term.coefficients
            n += moments.sums(inside, 0)[term.used].sum(axis=1)
            weight += gram[0][term.used].sum(axis=1)
            total += b @ gram[0]
            square += np.einsum("mq,qr,mr->m", b, gram, b)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = (weight * square - total**2) / np.maximum(n - 1, 1)
            part = part if replacement else part * (1 - n / weight)
        variance += np.where(n > 0, part, 0.0)
    return variance


def kish_deff(moments: Moments, domain: tuple[Any, ...] | None = None, *, source: int | None = None) -> float:
    """Loss of precision by unequal weights alone, ``n sum w^2 / (sum w)^2``, in a domain and in one file.

    References
    ----------
    Kish (1965), Survey Sampling, Wiley, section 11.7.
    """
    inside = moments.in_domain(domain)
    if source is not None:
        inside = inside[(moments.cells["source"] == source).to_numpy()[inside]]
    n, first, second = (moments.total(inside, power)[0, 0] for power in range(3))
    return float(n * second / first**2) if first else float("nan")


def t_interval(value: Array, se: Array, df: Array, level: float) -> tuple[Array, Array]:
    """Bounds ``value -/+ t se``; nan where there are no degrees of freedom."""
    half = t_quantile(df, level) * se
    return value - half, value + half


def t_quantile(df: Array, level: float) -> Array:
    """Two-sided t quantile; nan where df is not positive."""
    from scipy.special import stdtrit

    df = np.asarray(df, dtype=float)
    return np.where(df > 0, stdtrit(np.where(df > 0, df, 1.0), (1 + level) / 2), np.nan)


def t_pvalue(value: Array, se: Array, df: Array) -> Array:
    """Two-sided p of ``value/se``; nan without variation or degrees of freedom."""
    from scipy.special import stdtr

    usable = (df > 0) & (se > 0)
    t = np.abs(np.divide(value, se, out=np.zeros_like(value), where=usable))
    return np.where(usable, 2 * stdtr(np.where(usable, df, 1.0), -t), np.nan)


def logit_interval(share: Array, se: Array, df: Array, level: float) -> tuple[Array, Array]:
    """Interval of a proportion on the logit scale, so that it stays between 0 and 1.

    Checked against R's ``svyciprop(method = "logit")``. At 0 and 1 there is none: nan.
    """
    from scipy.special import expit, logit

    open_ = (share > 0) & (share < 1)
    inner = np.where(open_, share, 0.5)
    half = t_quantile(df, level) * se / (inner * (1 - inner))
    return tuple(np.where(open_, expit(logit(inner) + sign * half), np.nan) for sign in (-1, 1))  # type: ignore[return-value]


def adjust_p(p: Array, method: Adjust) -> Array:
    """p-values corrected for having tested several things at once; missing ones are not counted.

    Parameters
    ----------
    p : (k,) raw p-values
    method : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Holm and Bonferroni bound the chance of any false alarm; the two false discovery rates bound the
        expected share of false alarms, Benjamini-Yekutieli under any dependence.

    References
    ----------
    Holm (1979), Scand. J. Statist. 6, 65-70. Benjamini and Hochberg (1995), J. R. Statist. Soc. B 57, 289-300,
    doi:10.1111/j.2517-6161.1995.tb02031.x. Benjamini and Yekutieli (2001), Ann. Statist. 29, 1165-1188,
    doi:10.1214/aos/1013699998. Checked against R's ``p.adjust``.

    Examples
    --------
    >>> adjust_p(np.array([0.01, 0.04, 0.03]), "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    check_choice("adjust", method, Adjust)
    out = np.array(p, dtype=float)
    tested = np.flatnonzero(~np.isnan(out))
    if method == "none" or not len(tested):
        return out
    k = len(tested)
    order = tested[np.argsort(out[tested], kind="stable")]
    rank = np.arange(1, k + 1)
    if method == "bonferroni":
        out[order] = np.minimum(out[order] * k, 1)
    elif method == "holm":
        out[order] = np.minimum(np.maximum.accumulate(out[order] * (k - rank + 1)), 1)
    else:
        penalty = k * (np.sum(1 / rank) if method == "fdr_by" else 1.0)
        out[order] = np.minimum(np.minimum.accumulate((out[order] * penalty / rank)[::-1])[::-1], 1)
    return out


@dataclass(frozen=True)
class Joint:
    """A test that several means are zero at once, or the reason why there is none.

    >>> null = {"en": "all gaps are 0", "zh": "差距全为 0"}
    >>> Joint(null, 489.08, 79.40, 6, 188.0, 6.8e-49, 194).sentence()
    'Hotelling T² = 489.1, F(6, 188) = 79.40, p < .001 (n = 194): all gaps are 0 is rejected at 5%.'
    """

    null: Text
    t2: float
    f: float
    df1: int
    df2: float
    p: float
    n: int
    reason: Text = field(default_factory=dict)
    level: float = 0.95

    def sentence(self, language: str = "en") -> str:
        """The null hypothesis, the test and its verdict in words."""
        null, zh = say(self.null, language), language == "zh"
        if self.reason:
            reason = say(self.reason, language)
            return f"未作联合检验（{null}）：{reason}。" if zh else f"No joint test of {null}: {reason}."
        shown = "< .001" if self.p < 0.0005 else f"= {self.p:.3f}".replace("0.", ".")
        test = f"Hotelling T² = {self.t2:.1f}, F({self.df1}, {self.df2:.0f}) = {self.f:.2f}, p {shown}"
        rejected, at = self.p < 1 - self.level, f"{100 * (1 - self.level):.6g}%"
        if zh:
            return f"{test}（n = {self.n}）：在 {at} 水平上{'拒绝' if rejected else '不能拒绝'}“{null}”。"
        return f"{test} (n = {self.n}): {null} {'is rejected' if rejected else 'is not rejected'} at {at}."


def hotelling(values: Array, covariance: Array, df: float, n: int, null: Text) -> Joint:
    """Hotelling's T² that all ``values`` are zero, given the covariance of the estimates.

    ``F = T² (df - k + 1) / (k df)`` with k and df - k + 1 degrees of freedom. It is refused when there are not
    more degrees of freedom than values: the test would say more about rounding than about the data.

    References
    ----------
    Hotelling (1931), Ann. Math. Statist. 2, 360-378, doi:10.1214/aoms/1177732979; for designs Korn and Graubard
    (1990), Am. Statist. 44, 270-276, doi:10.1080/00031305.1990.10475737.
    """
    from scipy.special import fdtrc

    k, nan = len(values), float("nan")
    if not df > k:
        few = {"en": f"{k} values but only {df:.0f} degrees of freedom", "zh": f"{k} 个值而自由度仅 {df:.0f}"}
        return Joint(null, nan, nan, k, nan, nan, n, few)
    if not np.isfinite(covariance).all() or np.linalg.matrix_rank(covariance, hermitian=True) < k:
        tied = {"en": "the values do not vary independently", "zh": "各值并非独立变化"}
        return Joint(null, nan, nan, k, nan, nan, n, tied)
    t2 = float(values @ np.linalg.solve(covariance, values))
    df2 = df - k + 1
    f = t2 * df2 / (k * df)
    return Joint(null, t2, f, k, float(df2), float(fdtrc(k, df2, f)), n)


def signed_rank(differences: Array, counts: Array | None = None) -> tuple[float, float, int]:
    """Wilcoxon's signed-rank statistic V, its two-sided p and the number of non-zero differences.

    Normal approximation with continuity correction and ties, zero differences dropped (R's
    ``wilcox.test(exact = FALSE, correct = TRUE)``). Give whole numbers: averages of answers that are equal on
    paper differ in their last bit and would break ties.

    Parameters
    ----------
    differences : (k,) whole-number differences
    counts : (k,) how often each occurs; once each if left out

    References
    ----------
    Wilcoxon (1945), Biometrics Bulletin 1, 80-83, doi:10.2307/3001968. Checked against R.

    Examples
    --------
    >>> v, p, n = signed_rank(np.array([-2, -1, 0, 1, 3]), np.array([10, 20, 5, 4, 1]))
    >>> v, n
    (85.0, 35)
    """
    from scipy.special import ndtr

    counts = np.ones(len(differences)) if counts is None else np.asarray(counts, float)
    differences = np.asarray(differences, float)
    keep = (differences != 0) & (counts > 0)
    size, inverse = np.unique(np.abs(differences[keep]), return_inverse=True)
    ties = np.bincount(inverse, weights=counts[keep], minlength=len(size))
    n = ties.sum()
    if n == 0:
        return 0.0, float("nan"), 0
    rank = np.cumsum(ties) - (ties - 1) / 2
    v = float((rank[inverse] * counts[keep])[differences[keep] > 0].sum())
    sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - (ties**3 - ties).sum() / 48)
    z = v - n * (n + 1) / 4
    z = (z - np.sign(z) * 0.5) / sd
    return v, float(2 * min(ndtr(z), ndtr(-z))), int(n)


# --- any function of moments -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sums:
    """What a statistic may read: weighted sums of its columns, possibly many versions of them stacked.

    Attributes
    ----------
    map : which columns
    gram : (..., q, q) sums of ``w zz'``; may be complex, so use analytic functions only
    n : answers used
    """

    map: ScoreMap
    gram: Array
    n: float

    def base(self) -> Array:
        """Sum of the weights of those who answered everything the statistic needs."""
        return self.gram[..., 0, 1]

    def total(self, column: str) -> Array:
        """Weighted total of a column."""
        k = self.map.scores.index(column)
        return self.gram[..., 0, 2 + k] + self.map.origin[k] * self.base()

    def mean(self, column: str) -> Array:
        """Weighted mean of a column."""
        return self.total(column) / self.base()

    def covariance(self, a: str, b: str) -> Array:
        """Weighted covariance with divisor n - 1 (R's ``svyvar``)."""
        i, j = 2 + self.map.scores.index(a), 2 + self.map.scores.index(b)
        raw = self.gram[..., i, j] / self.base() - self.gram[..., 0, i] * self.gram[..., 0, j] / self.base() ** 2
        return raw * self.n / (self.n - 1)


class Statistic(Protocol):
    """A function of sums, with the columns it reads and a name for each value it returns."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def __call__(self, sums: Sums) -> Array: ...


@dataclass(frozen=True)
class Mean:
    """Weighted mean of each column; respondents who answered all of them count."""

    columns: tuple[str, ...]

    def __init__(self, *columns: str) -> None:
        object.__setattr__(self, "columns", columns)

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns

    def __call__(self, sums: Sums) -> Array:
        return np.stack([sums.mean(name) for name in self.columns], axis=-1)


@dataclass(frozen=True)
class Total:
    """Weighted total of a column."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"total {self.column}",)

    def __call__(self, sums: Sums) -> Array:
        return sums.total(self.column)[..., None]


@dataclass(frozen=True)
class Ratio:
    """Total of one column over the total of another."""

    numerator: str
    denominator: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.numerator, self.denominator)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.numerator} / {self.denominator}",)

    def __call__(self, sums: Sums) -> Array:
        return (sums.total(self.numerator) / sums.total(self.denominator))[..., None]


@dataclass(frozen=True)
class Variance:
    """Weighted variance of a column, divisor n - 1."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"variance {self.column}",)

    def __call__(self, sums: Sums) -> Array:
        return sums.covariance(self.column, self.column)[..., None]


@dataclass(frozen=True)
class Proportion:
    """Share of ones in a 0/1 column; its interval is made on the logit scale."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)

    def __call__(self, sums: Sums) -> Array:
        return sums.mean(self.column)[..., None]


@dataclass(frozen=True, eq=False, repr=False)
class EstimateTable(Result):
    """Estimates with their errors: one row per domain and statistic.

    Frame columns: the split columns, ``statistic, estimate, se, low, high, n, df, deff, reason``.
    """

    by: tuple[str, ...] = ()
    level: float = 0.95
    interval: Interval = field(default_factory=Student)
    design: SampleDesign = field(default_factory=SampleDesign)
    narrow: tuple[str, ...] | None = None

    def title(self) -> str:
        return "估计值" if self.language == "zh" else "Estimates"

    def columns(self) -> tuple[Column, ...]:
        return (
            *(Column(name, {"en": name}) for name in self.by),
            Column("statistic", {"en": "statistic", "zh": "统计量"}),
            *(NUMBER_COLUMNS[name] for name in ("estimate", "se", "low", "high", "n", "df", "deff", "reason")),
        )

    def note(self) -> str:
        percent, how, design = (
            f"{100 * self.level:g}%",
            self.interval.sentence(self.language),
            self.design.sentence(self.language),
        )
        if self.language == "zh":
            return f"{percent} 区间；{how}。设计效应以放回简单随机抽样为参照。{design}{self._too_narrow()}"
        said = f"{percent} intervals; {how}. Design effect against simple random sampling with replacement. {design}"
        return said + self._too_narrow()

    def _too_narrow(self) -> str:
        """That few clusters carry the weight of some domains; empty where they don't."""
        if self.narrow is None:
            return ""
        zh, rows = self.language == "zh", ("、" if self.language == "zh" else ", ").join(self.narrow)
        said = say(NARROW, self.language).format(rows="" if not rows else f"（{rows}）" if zh else f" ({rows})")
        return f"{said}。" if zh else f" {said[0].upper()}{said[1:]}."


NUMBER_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("estimate", {"en": "estimate", "zh": "估计值"}, "number", decimals=3),
        Column("expectation", {"en": "expectation", "zh": "期望"}, "number"),
        Column("perception", {"en": "perception", "zh": "感知"}, "number"),
        Column("gap", {"en": "gap (P − E)", "zh": "差距（P − E）"}, "signed"),
        Column("score", {"en": "score", "zh": "得分"}, "number", decimals=1),
        Column("difference", {"en": "difference", "zh": "差异"}, "signed"),
        Column("se", {"en": "SE", "zh": "标准误"}, "number", decimals=3),
        Column("low", {"en": "low", "zh": "下限"}, "number"),
        Column("high", {"en": "high", "zh": "上限"}, "number"),
        Column("n", {"en": "n", "zh": "样本量"}, "count"),
        Column("n_expectation", {"en": "n of E", "zh": "期望样本量"}, "count"),
        Column("df", {"en": "df", "zh": "自由度"}, "df"),
        Column("p", {"en": "p", "zh": "p"}, "p"),
        Column("p_adjusted", {"en": "p adjusted", "zh": "校正 p"}, "p"),
        Column("deff", {"en": "deff", "zh": "设计效应"}, "number"),
        Column("reason", {"en": "remark", "zh": "备注"}, "text", {key: REASONS[key] for key in REASONS}),
    )
}


def estimate(
    frame: pd.DataFrame,
    statistic: Statistic,
    design: SampleDesign | None = None,
    *,
    by: str | Sequence[str] = (),
    interval: Interval | None = None,
    level: float = 0.95,
) -> EstimateTable:
    """An interval for any function of weighted sums, under the sample design.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; numeric columns, missing as NaN
    statistic : Mean("x", ...), Total("x"), Ratio("y", "x"), Variance("x"), Proportion("yes"), or your own:
        an object with ``columns``, ``names`` and a call that maps :class:`Sums` to one value per name
    design : SampleDesign, optional
    by : column or columns to split by
    interval : Taylor() or Student(); by default Taylor where a design is described
    level : confidence of the interval

    Returns
    -------
    EstimateTable
        Respondents lacking one of the statistic's columns are a domain of their own, not a change of design.

    Notes
    -----
    The derivative of the statistic with respect to every sum is taken by a complex step, exact to rounding; a
    respondent's influence is that derivative times their products. Where it is linear the moments suffice, else a
    second pass over the rows sums it up.

    References
    ----------
    Demnati and Rao (2004), Survey Methodology 30, 17-26. Checked against R's ``survey`` 4.1: means, totals,
    ratios, variances, proportions, domains (tests/test_inference.py).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {"suite": list("AAAABBBBCCCC"), "gpa": [3.1, 2.6, 3.4, 3.1, 2.9, 3.0, 2.5, 3.0, 2.1, 2.5, 2.3, 2.2]}
    ... )
    >>> table = estimate(frame, Mean("gpa"), SampleDesign(clusters="suite")).to_frame()
    >>> [round(float(table.loc[0, name]), 3) for name in ("estimate", "se", "df")]
    [2.725, 0.232, 2.0]
    """
    check_between("level", level, 0, 1)
    design = design or SampleDesign()
    by = (by,) if isinstance(by, str) else tuple(by)
    check_drawn(frame, design)
    check_columns([*statistic.columns, *by], frame.columns, "the data")
    answers, cells, weight = (
        answer_matrix(frame, statistic.columns),
        Cells.of(frame, design, by),
        row_weights(frame, design),
    )
    margins = margin_rows(frame, design)
    moments = Moments.from_cells(frame, _joint_map(answers, statistic.columns), cells, weight, margins)
    chosen = choose_interval(design, interval)
    domains = [()] if not by else sorted(moments.domains, key=str)
    data = _Rows(answers, cells, weight, margins)
    rows = [_domain_rows(data, statistic, moments, domain, design, by, chosen, level) for domain in domains]
    table = pd.concat(rows, ignore_index=True)
    narrow = [domain for domain, part in zip(domains, rows, strict=True)
              if (part["reason"] == "").any() and is_narrow(moments, [[[domain]]], part["df"].to_numpy())]  # fmt: skip
    told = None if isinstance(chosen, Student) or not narrow else tuple(" ".join(map(str, domain)) for domain in narrow)
    return EstimateTable(
        table, by=by, level=level, interval=chosen, design=design, narrow=told if by or not told else ()
    )


def check_drawn(frame: pd.DataFrame, design: SampleDesign) -> None:
    """Refuses rows that say not which stratum or cluster they were drawn in."""
    design.check(frame)
    for name in [design.strata, *design.stages]:
        if name and frame[name].isna().any():
            rows = frame.index[frame[name].isna()]
            listed = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
            cases = pd.DataFrame({"row": rows, "column": name, "problem": "missing"})
            raise DataError(f"{name!r} of the design is missing in {len(rows)} rows ({listed}). Complete them.", cases)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows an estimate is made from: (n, k) answers, their cells, weights and margins."""

    answers: Array
    cells: Cells
    weight: Array | None
    margins: Array | None = None


def _joint_map(answers: Array, columns: Sequence[str]) -> ScoreMap:
    """Columns as they are, all under one mask, about whole numbers near their means."""
    plain = ScoreMap.plain(columns)
    if answers.dtype.kind in "iub":
        answers = answers[:_SOME]  # the origin need only be near, and whole numbers are exact about any
    given = np.isfinite(answers).sum(axis=0) if answers.dtype.kind == "f" else np.full(len(columns), len(answers))
    total = np.nansum(answers, axis=0, dtype=float)
    origin = np.rint(np.divide(total, given, out=np.zeros(len(columns)), where=(given > 0) & np.isfinite(total)))
    return ScoreMap(plain.answers, plain.scores, plain.weights, plain.denominators, ("all",) * len(columns), origin)


def _domain_rows(
    data: _Rows,
    statistic: Statistic,
    moments: Moments,
    domain: tuple[Any, ...],
    design: SampleDesign,
    by: Sequence[str],
    interval: Interval,
    level: float,
) -> pd.DataFrame:
    inside = moments.in_domain(domain)
    gram, n = moments.total(inside), moments.total(inside, 0)[0, 1]
    m = len(statistic.names)
    label = {name: [value] * m for name, value in zip(by, domain, strict=True)}
    if n == 0:
        return _reasoned(label, statistic.names, "nobody")
    value = statistic(Sums(moments.map, gram, n))
    gradient = _gradient(statistic, moments.map, gram, n)
    again = Again(
        moments,
        data.answers,
        data.cells.code,
        data.weight,
        True,
        lambda sums: statistic(Sums(moments.map, sums(domain), n)),
    )
    linear, term = _linearised(data, moments, domain, gradient)
    remark = ""
    if within_one_cluster(moments, [domain]) or (design.stages and design.stages[0] in by):
        spread, remark = inside_one_cluster(linear, [term]), "one cluster"
    else:
        spread = interval.spread(linear, [term], again)
    se = np.where(spread.df > 0, spread.se, np.nan)
    on_logit = isinstance(statistic, Proportion) and spread.replicates is None
    low, high = logit_interval(value, se, spread.df, level) if on_logit else spread.bounds(value, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        deff = np.where(spread.df > 0, spread.se**2 / srs_variance(linear, [term]), np.nan)
    reason = np.where(spread.df > 0, remark, "one answer" if n == 1 else "no df")
    reason = np.where((spread.df > 0) & np.isnan(se), "empty replicates", reason)
    reason = np.where((spread.df > 0) & np.isnan(low) & ~np.isnan(se), "no interval", reason)
    numbers = {"estimate": value, "se": se, "low": low, "high": high, "n": int(n), "df": spread.df, "deff": deff}
    return pd.DataFrame({**label, "statistic": statistic.names, **numbers, "reason": reason})


def _reasoned(label: Mapping[str, Any], names: Sequence[str], reason: str) -> pd.DataFrame:
    numbers = dict.fromkeys(("estimate", "se", "low", "high"), np.nan) | {"n": 0, "df": 0.0, "deff": np.nan}
    return pd.DataFrame({**label, "statistic": names, **numbers, "reason": reason})


def _gradient(statistic: Statistic, score_map: ScoreMap, gram: Array, n: float) -> Array:
    """(m, q, q) symmetric derivative of the statistic with respect to the Gram matrix, by a complex step."""
    q = len(gram)
    upper = np.triu_indices(q)
    step = 1e-20 * max(1.0, float(np.abs(gram).max()))
    stacked = np.broadcast_to(gram.astype(complex), (len(upper[0]), q, q)).copy()
    turn = np.arange(len(upper[0]))
    stacked[turn, upper[0], upper[1]] += 1j * step
    stacked[turn, upper[1], upper[0]] = stacked[turn, upper[0], upper[1]]
    slopes = np.imag(statistic(Sums(score_map, stacked, n))) / step
    gradient = np.zeros((slopes.shape[1], q, q))
    gradient[:, upper[0], upper[1]] += slopes.T / 2
    gradient[:, upper[1], upper[0]] += slopes.T / 2
    return gradient


def _linearised(data: _Rows, moments: Moments, domain: tuple[Any, ...], gradient: Array) -> tuple[Moments, Term]:
    """The moments and the term whose rows' influence the gradient describes."""
    m = len(gradient)
    if not gradient[:, 1:, 1:].any():
        coefficients = 2 * gradient[:, 0, :]
        coefficients[:, 0] = gradient[:, 0, 0]
        return moments, Term(domain, coefficients, np.ones((m, 1), dtype=int))
    influence = _influence_rows(data.answers, moments.map, gradient)
    names = tuple(influence.columns)
    score_map = ScoreMap(names, names, np.eye(m, dtype=np.int64), np.ones(m), ("all",) * m, np.zeros(m))
    second = Moments.from_cells(influence, score_map, data.cells, data.weight, data.margins)
    coefficients = np.zeros((m, 2 + m))
    coefficients[:, 2:] = np.eye(m)
    return second, Term(domain, coefficients, np.ones((m, 1), dtype=int))


def _influence_rows(answers: Array, score_map: ScoreMap, gradient: Array) -> pd.DataFrame:
    """(n, m) influence of every row, nan where it lacks one of the statistic's columns."""
    z = rows_of(answers, score_map)
    values = np.einsum("na,mab,nb->nm", z, gradient, z, optimize=True)
    if answers.dtype.kind == "f":
        values[np.isnan(answers).any(axis=1)] = np.nan
    return pd.DataFrame(values, columns=[f"influence {k}" for k in range(len(gradient))])
