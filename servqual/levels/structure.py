"""Do stores differ in the same ways as customers do? The items' covariance within stores and between them, each with its structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.confirm import NotConverged, NotIdentified, confirm_factors
from servqual.cfa.results import FactorModel
from servqual.correlations import OF_WORDS, ItemMatrix, Of
from servqual.levels.reliability import GroupReader, GroupReliability, reliability_of
from servqual.levels.sums import GroupSums, Split, jackknife_interval
from servqual.measures import CAUTION
from servqual.moments import one_blas_thread
from servqual.psychometrics.batteries import Battery, battery_of
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between
from survey_design.results import Column, Language, Result, Text, say, spaced

Array = NDArray[Any]

VERDICTS: Mapping[str, Text] = {
    "none": {"en": "groups do not differ beyond chance, so there is nothing between them to have a structure",
             "zh": "各组差异未超出偶然波动，组间无结构可言"},
    "few": {"en": "{groups} groups (fewer than {least}) are too few to estimate a structure between them: what is shown of it describes "
            "these groups and concludes nothing",
            "zh": "仅 {groups} 个组（少于 {least}），不足以估计组间结构：所列组间数字仅供描述，不作结论"},
    "flat": {"en": "groups do not differ in {flat}, so the correlations between groups are incomplete",
             "zh": "各组在{flat}上无差异，组间相关不完整"},
    "general": {"en": "groups differ mostly on one general level: one that is good at one dimension is good at all",
                "zh": "各组主要在一个总体水平上有差异：某一维度好的组，各维度都好"},
    "several": {"en": "groups differ in several ways: one good at one dimension need not be good at another",
                "zh": "各组差异不止一个方面：某一维度好的组，其他维度未必好"},
}  # fmt: skip
WITHIN_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "no dimensions": {"en": "not fitted: the items have no dimensions", "zh": "未拟合：题项未归入维度"},
    "not identified": {"en": "not identified: a dimension has too few items", "zh": "不可识别：有维度题项过少"},
    "not converged": {"en": "not converged", "zh": "未能收敛"},
    "not definite": {
        "en": "not fitted: the covariances within groups are not positive definite (an item that repeats others, or too few "
        "respondents)",
        "zh": "未拟合：组内协方差非正定（题项重复，或受访者过少）",
    },
}
PAIR_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "flat": {"en": "groups do not differ in one of the two", "zh": "各组在其一上无差异"},
    "beyond 1": {"en": "beyond 1: not told apart between groups", "zh": "超过 1：组间无法区分"},
    "unstable": {"en": "no interval: hangs on single groups", "zh": "无区间：取决于个别组"},
}
_SMALL_P = 0.05


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GeneralTest:
    """A test that one factor explains how dimensions go together between groups, within groups left as they are.

    ``chi2, df, p``; ``srmr``: mean difference of correlations between groups that one factor leaves; ``loadings``: standardised.
    """

    chi2: float
    df: int
    p: float
    srmr: float
    loadings: tuple[float, ...]


@dataclass(frozen=True, eq=False, repr=False)
class TwoLevels(Result):
    """How dimensions go together among people of one group, and among groups; one row for each pair of dimensions.

    Frame columns: ``first, second``; ``within`` (correlation of scores within groups), ``factors`` (of the factors behind them, error
    of items taken out; nan without a model), ``between`` (of the groups' true means, chance of who was asked taken out; may exceed
    1), ``between_low, between_high`` (jackknife over groups), ``means`` (of the groups' means as they are), ``reason``.

    Attributes
    ----------
    by, by_column, of, level, least_groups, mostly : as asked for
    n, n_dropped, groups, n0 : respondents who answered all items, those not used, groups, and the size groups stand for
    reliability : :class:`GroupReliability` of dimensions and items
    within : the factor model within groups, or None with ``within_reason``
    within_items, between_items : covariances of the items within groups, and of the groups' true means
    eigenvalues : (d,) of the dimensions' correlations between groups, nan where groups do not differ in one of them
    item_eigenvalues : (k,) of the items' correlations between groups, of those in which groups differ
    share, share_low, share_high : of the first eigenvalue of the dimensions
    general : GeneralTest, or None where groups are too few
    outcome : "none", "few", "flat", "general" or "several"
    """

    by: str = field(kw_only=True)
    by_column: Column = field(kw_only=True)
    of: Of = field(kw_only=True)
    level: float = field(kw_only=True)
    least_groups: int = field(kw_only=True)
    mostly: float = field(kw_only=True)
    n: int = field(kw_only=True)
    n_dropped: int = field(kw_only=True)
    groups: int = field(kw_only=True)
    n0: float = field(kw_only=True)
    reliability: GroupReliability = field(kw_only=True)
    within: FactorModel | None = field(kw_only=True)
    within_reason: str = field(default="", kw_only=True)
    within_items: pd.DataFrame = field(kw_only=True)
    between_items: pd.DataFrame = field(kw_only=True)
    eigenvalues: tuple[float, ...] = field(kw_only=True)
    item_eigenvalues: tuple[float, ...] = field(kw_only=True)
    share: float = field(kw_only=True)
    share_low: float = field(kw_only=True)
    share_high: float = field(kw_only=True)
    general: GeneralTest | None = field(kw_only=True)
    outcome: str = field(kw_only=True)
    flat: tuple[str, ...] = field(default=(), kw_only=True)
    words: Mapping[str, Text] = field(kw_only=True)
    cautious: bool = field(default=False, kw_only=True)

    def title(self) -> str:
        of, by = say(OF_WORDS[self.of], self.language), self.by_column.heading(self.language)
        if self.language == "zh":
            return spaced(f"两个层次（按{by}）：维度在组内与组间的相关，{of}")
        return f"Two levels: how dimensions go together within and between groups, {of} by {by}"

    def columns(self) -> tuple[Column, ...]:
        percent = f"{100 * self.level:g}%"
        return (
            Column("first", {"en": "dimension", "zh": "维度"}, "text", self.words),
            Column("second", {"en": "and", "zh": "与"}, "text", self.words),
            Column("within", {"en": "within, scores", "zh": "组内（得分）"}, "number"),
            Column("factors", {"en": "within, factors", "zh": "组内（因子）"}, "number"),
            Column("between", {"en": "between", "zh": "组间"}, "number"),
            Column("between_low", {"en": f"{percent} low", "zh": f"{percent} 下限"}, "number"),
            Column("between_high", {"en": f"{percent} high", "zh": f"{percent} 上限"}, "number"),
            Column("means", {"en": "of means", "zh": "均值间"}, "number"),
            *([Column("reason", {"en": "remark", "zh": "备注"}, "text", PAIR_REASONS)] if self.frame["reason"].any() else []),
        )  # fmt: skip

    def verdict(self) -> Text:
        """Whether groups differ on one level or in several ways, or that it cannot be told."""
        blanks = {language: {"groups": self.groups, "least": self.least_groups, "flat": glue.join(
            say(self.words[name], language) for name in self.flat)} for language, glue in (("en", ", "), ("zh", "、"))}  # fmt: skip
        return {language: VERDICTS[self.outcome][language].format(**blank) for language, blank in blanks.items()}

    def sentence(self) -> str:
        """The verdict, and the figures behind it."""
        zh, verdict = self.language == "zh", say(self.verdict(), self.language)
        said = [verdict, *self._first_share(), *self._one_factor()]
        by = self.by_column.heading(self.language)
        return spaced(f"按{by}：") + f"{'；'.join(said)}。" if zh else f"By {by}: {'; '.join(said)}."

    def _first_share(self) -> list[str]:
        if not np.isfinite(self.share) or self.outcome == "none":
            return []
        zh, bounds = self.language == "zh", ""
        if np.isfinite(self.share_low):
            percent = f"{100 * self.level:g}%"
            ends = [f"{100 * min(max(each, 0.0), 1.0):.0f}%" for each in (self.share_low, self.share_high)]
            bounds = (
                f"（{percent} 区间 {ends[0]} 至 {ends[1]}）" if zh else f" ({percent} interval {ends[0]} to {ends[1]})"
            )
        if zh:
            return [f"第一特征值占维度组间差异的 {100 * self.share:.0f}%{bounds}"]
        return [f"the first eigenvalue holds {100 * self.share:.0f}%{bounds} of how dimensions differ between groups"]

    def _one_factor(self) -> list[str]:
        if self.general is None:
            return []
        one, p = self.general, "< .001" if self.general.p < 0.0005 else f"= {self.general.p:.3f}".replace("0.", ".", 1)
        test = f"χ²({one.df}) = {one.chi2:.2f}, p {p}, SRMR {one.srmr:.3f}"
        refused = one.p < _SMALL_P
        if self.language == "zh":
            return [f"单一总因子{'不足以解释' if refused else '足以解释'}其组间相关（{test.replace(', ', '，')}）"]
        return [
            f"one general factor {'does not suffice' if refused else 'suffices'} for their correlations between groups ({test})"
        ]

    def note(self) -> str:
        zh = self.language == "zh"
        base = (
            f"{self.n:,} 人答完全部题项，{self.n_dropped:,} 人未使用；{self.groups} 个组，等效每组 {self.n0:.1f} 人"
            if zh
            else f"{self.n:,} respondents with all items, {self.n_dropped:,} not used; {self.groups} groups, worth {self.n0:.1f} each"
        )
        how = (
            "组间：(MS 组间 − MS 组内)/n0 的相关，已扣除组内抽样波动，区间为按组刀切法；组内：合并协方差，自由度为人数减组数；未使用权数"
            if zh
            else "between: correlations of (MS between − MS within)/n0, from which the chance of who was asked is taken out, intervals by "
            "the jackknife over groups; within: pooled covariance, respondents less groups as degrees of freedom; weights are not used"
        )
        parts = [base, how, self._fit_within(), self._shares_between()]
        stop, glue = ("。", "；") if zh else (".", "; ")
        caution = say(CAUTION, self.language) if self.cautious else ""
        return (
            f"{self.sentence()}{'' if zh else ' '}{_upper(glue.join(parts))}{stop}{'' if zh else ' '}{caution}".rstrip()
        )

    def _fit_within(self) -> str:
        zh = self.language == "zh"
        if self.within is None:
            why = say(WITHIN_REASONS[self.within_reason], self.language)
            return f"组内因子模型{why}" if zh else f"factor model within groups {why}"
        one, wrong = self.within.indices, say(self.within.problems[0], self.language) if self.within.problems else ""
        fit = f"χ²({one.df}) = {one.chi2:.1f}, CFI {one.cfi:.3f}, RMSEA {one.rmsea:.3f}, SRMR {one.srmr:.3f}"
        if zh:
            return f"组内 {len(self.within.factors)} 因子模型 {fit.replace(', ', '，')}" + (
                f"，不可用：{wrong}" if wrong else ""
            )
        return f"model with {len(self.within.factors)} factors within groups {fit}" + (
            f", not to be used: {wrong}" if wrong else ""
        )

    def _shares_between(self) -> str:
        """ICC(1) of the dimensions, and eigenvalues."""
        zh, frame = self.language == "zh", self.reliability.frame
        own = frame[frame["scale"].isin([*self.frame["first"], *self.frame["second"]])] if len(self.frame) else frame
        named = [f"{say(self.words[name], self.language)} {icc:.3f}".replace("-", "−")
                 for name, icc in zip(own["scale"], own["icc1"], strict=True)]  # fmt: skip
        shares = f"ICC(1)：{'、'.join(named)}" if zh else f"ICC(1): {', '.join(named)}"
        if not np.isfinite(self.eigenvalues).all():
            return shares
        values = ("、" if zh else ", ").join(f"{each:.2f}".replace("-", "−") for each in self.eigenvalues)
        return f"{shares}；维度组间相关的特征值 {values}" if zh else f"{shares}; eigenvalues between groups {values}"

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        inner = None if self.within is None else self.within.in_language(language)
        return replace(self, language=language, reliability=self.reliability.in_language(language), within=inner)


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


# --- the verb --------------------------------------------------------------------------------------------------


def two_levels(
    responses: Responses,
    *,
    by: str = "store",
    of: Of = "perception",
    level: float = 0.95,
    least_groups: int = 50,
    mostly: float = 0.8,
) -> TwoLevels:
    """How answers go together within groups and between them: whether stores differ on one general level or dimension by dimension.

    Parameters
    ----------
    responses : Responses
    by : column of the group
    of : "perception", "expectation", or "gap"
    level : confidence of the intervals
    least_groups : with fewer groups nothing is concluded about the structure between them
    mostly : share of the first eigenvalue from which groups are said to differ on one general level

    Returns
    -------
    TwoLevels

    Raises
    ------
    SpecError
        If the instrument has fewer than two dimensions, the form was not asked, or gaps are asked for of different people.
    DataError
        If there is a single group, every group has one member, or an item does not vary within groups.

    Notes
    -----
    Respondents who answered all items count. With the mean squares and products of a one-way analysis of variance, ``S_w = MS
    within`` is the covariance of people of one group, ``S_b = (MS between − MS within)/n0`` that of the groups' true means (Muthén
    1994, with ``n0 = (N − Σn²/N)/(g − 1)``). The correlations of ``S_b`` are those of the groups' means with their unreliability
    taken out; being estimates they may exceed 1.

    Within groups the instrument's factor model is fitted to ``S_w`` with N − g degrees of freedom: what a factor analysis of all
    answers mixes with differences between groups. The error of its chi-square is that of normal answers.

    Between groups the scores of the dimensions are looked at. ``general`` tests one factor there, with the covariance within groups
    left free (Ryu and West 2009), by Muthén's likelihood for unequal groups, exact for equal ones.

    Simulated with 60 to 300 stores of 22, or of 5 to 44, customers and an ICC(1) of .10, intervals of correlations between groups
    cover 92 to 94%, those of the first eigenvalue's share 90 to 94%, and the test of one factor refuses a true one 6 to 8 times in 100.

    How to read it: in many chains dimensions that customers tell apart nearly coincide between stores (between-correlations near 1):
    a good store is good at everything. Then rank stores by the total, and do not report five rankings as five findings.

    References
    ----------
    Muthén (1994), Sociological Methods & Research 22, 376-398, doi:10.1177/0049124194022003006. Ryu and West (2009), Structural
    Equation Modeling 16, 583-601, doi:10.1080/10705510903203466. Checked against factor models of answers less
    their store's mean, sums over rows, exact covariances with one factor, and simulated chains (tests/test_levels.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> instrument, rng = load_instrument("servperf-22"), np.random.default_rng(1)
    >>> store, level_of = np.repeat(np.arange(60), 20), rng.normal(0, 0.8, 60)
    >>> columns = instrument.columns("perception").values()
    >>> own = {c: np.clip(np.rint(4 + level_of[store] + rng.normal(0, 1.2, 1200)), 1, 7).astype(int) for c in columns}
    >>> two_levels(Responses(pd.DataFrame({**own, "store": store}), instrument)).outcome
    'general'
    """
    check_between("level", level, 0, 1)
    check_between("mostly", mostly, 0, 1)
    if isinstance(least_groups, bool) or not isinstance(least_groups, int) or least_groups < 3:
        raise SpecError(f"least_groups={least_groups!r} must be a whole number of 3 or more.")
    battery = battery_of(responses, of=of, by=by, taken=("first", "second", "within", "between", "scale", "item"))
    homes = _dimensions(battery)
    reader = GroupReader.of(battery, by)
    sums = reader.sums(battery.sets[-1])
    _check_sums(battery, sums, by)
    scores = sums.combined(_means_of(battery, homes))
    ids = [each.id for each in homes]
    matrix = _within_matrix(battery, sums)
    model, why = _model_within(matrix)
    between, share = _between(scores, level)
    reliability = reliability_of(battery, responses, by, level, (0.7, 0.8), None)
    flat = tuple(name for name, own in zip(ids, np.diagonal(scores.split.between), strict=True) if own <= 0)
    few = len(sums.n) < least_groups
    general = None if few or flat else general_factor(scores.split)
    return TwoLevels(
        _pairs(ids, scores, between, model), battery.language, by=by, by_column=responses.column_of(by), of=of, level=level,
        least_groups=least_groups, mostly=mostly, n=int(sums.n.sum().round()), n_dropped=reader.rows - int(sums.n.sum().round()),
        groups=len(sums.n), n0=float(sums.split.n0), reliability=reliability, within=model, within_reason=why,
        within_items=_named(sums.split.within, battery.items), between_items=_named(sums.split.between, battery.items),
        eigenvalues=tuple(_eigenvalues(scores.split.between_correlation).tolist()), item_eigenvalues=_item_eigenvalues(sums.split),
        share=share[0], share_low=share[1], share_high=share[2], general=general,
        outcome=_outcome(reliability, ids, few, flat, share[0], mostly), flat=flat, words=battery.words, cautious=battery.cautious,
    )  # fmt: skip


def _dimensions(battery: Battery) -> list[Any]:
    homes = list(battery.sets[:-1])
    if len(homes) < 2:
        raise SpecError(
            "two levels of structure need items in two or more dimensions. For a single scale ask group_reliability()."
        )
    return homes


def _means_of(battery: Battery, homes: list[Any]) -> Array:
    """(k, d) weights that make the mean of each dimension's items."""
    whole = battery.sets[-1].places
    return np.array([[1 / len(each.places) if place in each.places else 0.0 for each in homes] for place in whole])


def _check_sums(battery: Battery, sums: GroupSums, by: str) -> None:
    if len(sums.n) < 3 or sums.n.max() < 2:
        raise DataError(
            f"{by!r}: {len(sums.n)} groups with respondents who answered all items. Two levels take three groups or more, and more "
            "than one respondent in some of them."
        )
    names = [battery.items[place] for place in battery.sets[-1].places]
    still = [name for name, own in zip(names, np.diagonal(sums.split.within), strict=True) if own <= 0]
    if still:
        raise DataError(
            f"items that do not vary within groups of {by!r}: {', '.join(still)}. They have no structure there; leave them out of the "
            "instrument.", pd.DataFrame({"item": still, "problem": "no variation within groups"}))  # fmt: skip


def _named(matrix: Array, names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(matrix, index=list(names), columns=list(names))


# --- within groups ---------------------------------------------------------------------------------------------


def _within_matrix(battery: Battery, sums: GroupSums) -> ItemMatrix:
    """Covariance within groups, with as many respondents as it has degrees of freedom, and one."""
    split, places = sums.split, battery.sets[-1].places
    names = [battery.items[place] for place in places]
    home = {place: each.id for each in battery.sets[:-1] for place in each.places}
    made = ItemMatrix.from_matrix(
        split.within, round(split.df2) + 1, names, dimensions=[home[place] for place in places],
        labels=[battery.words[name] for name in names], of=battery.of, language=battery.language,
    )  # fmt: skip
    remark: Text = {
        "en": f"within {len(sums.n)} groups: deviations from the group's mean, {round(split.df2):,} degrees of freedom",
        "zh": f"{len(sums.n)} 个组之内：取与组均值之差，自由度 {round(split.df2):,}",
    }
    labels = {each.id: each.label for each in battery.sets[:-1]}
    return replace(made, remarks=(remark,), dimension_labels=labels)


def _model_within(matrix: ItemMatrix) -> tuple[FactorModel | None, str]:
    """The instrument's factor model within groups, or why there is none."""
    if not matrix.positive_definite or matrix.n <= matrix.k:
        return None, "not definite"
    try:
        return confirm_factors(matrix), ""
    except NotIdentified:
        return None, "not identified"
    except NotConverged:
        return None, "not converged"


# --- between groups --------------------------------------------------------------------------------------------


def _between(scores: GroupSums, level: float) -> tuple[tuple[Array, Array, Array], tuple[float, float, float]]:
    """Correlations between groups with their bounds, and the first eigenvalue's share with its own."""
    left_out = scores.without_each()
    whole, parts = scores.split.between_correlation, left_out.between_correlation
    low, high = jackknife_interval(whole, parts, level)
    share, shares = _first_share(whole), _first_share(parts)
    ends = jackknife_interval(share, shares, level)
    return (whole, low, high), (float(share), float(ends[0]), float(ends[1]))


def _eigenvalues(correlation: Array) -> Array:
    """(…, d) from the largest; nan where a correlation is missing."""
    known: Array = np.asarray(np.isfinite(correlation).all(axis=(-2, -1)))
    eye = np.eye(correlation.shape[-1])
    found = np.linalg.eigvalsh(np.where(known[..., None, None], correlation, eye))[..., ::-1]
    return np.where(known[..., None], found, np.nan)


def _first_share(correlation: Array) -> Array:
    return np.asarray(_eigenvalues(correlation)[..., 0] / correlation.shape[-1])


def _item_eigenvalues(split: Split) -> tuple[float, ...]:
    """Of the items in which groups differ."""
    differ = np.flatnonzero(np.diagonal(split.between) > 0)
    return tuple(_eigenvalues(split.between_correlation[np.ix_(differ, differ)]).tolist()) if len(differ) else ()


def _pairs(
    ids: list[str], scores: GroupSums, between: tuple[Array, Array, Array], model: FactorModel | None
) -> pd.DataFrame:
    split, (r, low, high) = scores.split, between
    spread = np.sqrt(np.diagonal(split.within))
    within, means = split.within / np.outer(spread, spread), np.corrcoef(scores.mean.T)
    factors = None if model is None else model.factor_correlations.loc[ids, ids].to_numpy(float)
    lines = []
    for i, j in combinations(range(len(ids)), 2):
        latent = np.nan if factors is None else factors[i, j]
        reason = (
            "flat"
            if np.isnan(r[i, j])
            else "beyond 1"
            if abs(r[i, j]) >= 1
            else "unstable"
            if np.isnan(low[i, j])
            else ""
        )
        lines.append((ids[i], ids[j], within[i, j], latent, r[i, j], low[i, j], high[i, j], means[i, j], reason))
    names = ["first", "second", "within", "factors", "between", "between_low", "between_high", "means", "reason"]
    return pd.DataFrame(lines, columns=names)


def _outcome(
    reliability: GroupReliability, ids: list[str], few: bool, flat: tuple[str, ...], share: float, mostly: float
) -> str:  # fmt: skip
    frame = reliability.frame
    p = frame.loc[frame["scale"].isin(ids), "p"].to_numpy(float)
    if not (
        p < (1 - reliability.level) / len(ids)
    ).any():  # Bonferroni: one of several dimensions differs by chance easily
        return "none"
    if few:
        return "few"
    if flat:
        return "flat"
    return "general" if share >= mostly else "several"


# --- one factor between groups ---------------------------------------------------------------------------------


def general_factor(split: Split) -> GeneralTest | None:
    """One factor behind the scores' covariance between groups, that within groups left free; None for fewer than four scores.

    ``(N − g)(log|W| + tr(W⁻¹ MS within)) + (g − 1)(log|T| + tr(T⁻¹ MS between))`` with ``T = W + n0 (λλ' + diag ψ)``, ψ not negative, is
    made as small as possible; chi-square is what it exceeds the same without a model by.
    """
    from scipy.optimize import minimize
    from scipy.special import chdtrc

    d = split.within.shape[-1]
    df = d * (d - 3) // 2
    if df < 1:
        return None
    spread = np.sqrt(np.diagonal(split.within))
    unit = np.outer(spread, spread)
    problem = _OneFactor(
        split.within / unit, split.ms_between / unit, float(split.df2), float(split.df1), float(split.n0)
    )
    bounds = [(None, None)] * (d * (d + 1) // 2 + d) + [(0.0, None)] * d
    options = {"maxiter": 2000, "maxfun": 10_000, "ftol": 1e-14, "gtol": 1e-9}
    with one_blas_thread():
        found = minimize(
            problem.value,
            problem.start(split.between / unit),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options=options,
        )
    chi2 = max(float(found.fun - problem.saturated()) * problem.size, 0.0)
    _, loading, own = problem.parts(found.x)
    model = np.outer(loading, loading) + np.diag(own)
    size = np.sqrt(np.diagonal(model))
    left = split.between_correlation - model / np.outer(size, size)
    off = left[np.tril_indices(d, -1)]
    sign = -1.0 if loading.sum() < 0 else 1.0
    return GeneralTest(
        chi2, df, float(chdtrc(df, chi2)), float(np.sqrt((off**2).mean())), tuple((sign * loading / size).tolist())
    )


@dataclass(frozen=True, eq=False)
class _OneFactor:
    """Muthén's likelihood of one factor between groups, a function of W's Cholesky root, λ and ψ; over the sum of both df."""

    within: Array
    between: Array
    df_within: float
    df_between: float
    n0: float

    @property
    def size(self) -> float:
        return self.df_within + self.df_between

    @property
    def lower(self) -> tuple[Array, Array]:
        rows, columns = np.tril_indices(len(self.within))
        return rows, columns

    def start(self, covariance: Array) -> Array:
        """W as observed, and the first axis of the covariance between groups."""
        values, axes = np.linalg.eigh(covariance)
        loading = axes[:, -1] * np.sqrt(max(values[-1], 1e-4)) * np.sign(axes[:, -1].sum() or 1.0)
        own = np.maximum(np.diagonal(covariance) - loading**2, 1e-3)
        return np.concatenate([np.linalg.cholesky(self.within)[self.lower], loading, own])

    def parts(self, theta: Array) -> tuple[Array, Array, Array]:
        """Cholesky root of W, λ and ψ."""
        d = len(self.within)
        root = np.zeros((d, d))
        root[self.lower] = theta[: -2 * d]
        return root, theta[-2 * d : -d], theta[-d:]

    def value(self, theta: Array) -> tuple[float, Array]:
        """The function and its slopes."""
        root, loading, own = self.parts(theta)
        w = root @ root.T + 1e-12 * np.eye(len(root))
        t = w + self.n0 * (np.outer(loading, loading) + np.diag(own))
        levels: list[tuple[Array, Array, float]] = [
            (w, self.within, self.df_within),
            (t, self.between, self.df_between),
        ]
        at: Callable[[Array, Array, float], tuple[float, Array]] = partial(_part, size=self.size)
        (first, slope_w), (second, slope_t) = (at(*each) for each in levels)
        slopes = [
            (2 * (slope_w + slope_t) @ root)[self.lower],
            2 * self.n0 * slope_t @ loading,
            self.n0 * np.diagonal(slope_t),
        ]
        return first + second, np.concatenate(slopes)

    def saturated(self) -> float:
        """The least that the function could be."""
        both = ((self.within, self.df_within), (self.between, self.df_between))
        return float(sum(df * (np.linalg.slogdet(s)[1] + len(s)) for s, df in both) / self.size)


def _part(model: Array, observed: Array, df: float, size: float) -> tuple[float, Array]:
    """``df (log|V| + tr(V⁻¹ S))`` over the size, and its slope by V."""
    inverse = np.linalg.inv(model)
    value = df * (np.linalg.slogdet(model)[1] + np.trace(inverse @ observed)) / size
    return float(value), df * (inverse - inverse @ observed @ inverse) / size
