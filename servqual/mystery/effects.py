"""Does it matter how, or by whom, a store was visited? Covert against overt, one agency against another, with honest errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    Adjust,
    Interval,
    Spread,
    Taylor,
    adjust_p,
    complete_strata,
    inside_one_cluster,
    t_interval,
    t_pvalue,
    within_one_cluster,
)
from servqual.moments import Moments
from servqual.mystery.inspectors import Inspectors, Seen, freedom_with_inspectors, inspectors_remark
from servqual.mystery.scores import (
    SCORE_COLUMNS,
    Groups,
    Measured,
    Part,
    VisitScores,
    labels_of,
    measures_of,
    method_of_visits,
    mix_remarks,
    selection_remark,
)
from servqual.proportions import contrast_interval, df_shrinkage
from servqual.shares import MeanLine, mean_term
from servqual.tabulation import IntervalTable
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
SIDE_ALIKE: dict[str, Text] = {
    "alike": {
        "en": "all stores of one side alike: no error can be computed for it",
        "zh": "一方各门店结果相同，无法计算其误差",
    },
    "by stores": {
        "en": "all stores of one side alike: interval from the number of stores (Newcombe)",
        "zh": "一方各门店结果相同：区间按门店数计算（Newcombe 法）",
    },
}
EFFECT_REASONS: dict[str, Text] = {
    **NUMBER_COLUMNS["reason"].words,
    "same stores": {
        "en": "no store saw both: stores and kinds of visit cannot be told apart",
        "zh": "没有门店同时接受两种访问：门店差异与访问方式差异无法区分",
    },
    "few stores": {
        "en": "fewer than 3 stores on one side: how its stores differ cannot be seen",
        "zh": "一方门店不足 3 家，无法得知其门店间差异",
    },
    **SIDE_ALIKE,
    "one inspector": {
        "en": "one inspector made all visits of one side: cannot be told from the kind of visit (inspectors='these' speaks of these alone)",
        "zh": "一方的访问全部由一名检查员完成，无法与访问方式区分（inspectors='these' 仅针对现有检查员）",
    },
}
BY_SIDES: Text = {
    "en": "Taylor linearisation: strata, clusters and weights counted, degrees of freedom after Satterthwaite from each side's own "
    "stores",
    "zh": "泰勒线性化区间：计入分层、群和权数，自由度由双方各自的门店按 Satterthwaite 法得出",
}
_SEVERITY: Text = {
    "en": "inspectors one against another; dependability(scores.per_visit(), score='final').severity() holds each against the average, "
    "stores allowed for",
    "zh": "检查员两两比较；dependability(scores.per_visit(), score='final').severity() 将每人与平均水平比较，并已扣除门店差异",
}
_FEWEST = 3  # stores on a side, below which an interval says nothing


@dataclass(frozen=True, eq=False, repr=False)
class VisitDifferences(IntervalTable):
    """Differences of scores between kinds of visits: one row per pair and score.

    Frame columns: the split column, ``against, part, id, label``; ``first, second`` (the two scores), ``difference, se, low,
    high, df, p, p_adjusted``; ``n`` (visits of both), ``n_first, n_second``; ``both`` (stores that saw both kinds);
    ``reason``.
    """

    by: str = ""
    by_column: Column | None = None
    adjust: Adjust = "holm"
    scores: VisitScores = None  # type: ignore[assignment]

    @property
    def compared(self) -> Column:
        """How the split column is shown."""
        return self.by_column or Column(self.by, {"en": self.by})

    def title(self) -> str:
        name = self.compared.heading(self.language)
        return f"不同{name}的得分差异" if self.language == "zh" else f"Differences of scores between values of {name}"

    def columns(self) -> tuple[Column, ...]:
        number = replace(NUMBER_COLUMNS["score"], name="first", label={"en": "first", "zh": "前者"})
        return (
            self.compared,
            Column("against", {"en": "against", "zh": "对照"}, "text", self.compared.words),
            SCORE_COLUMNS["part"],
            SCORE_COLUMNS["label"],
            number,
            replace(number, name="second", label={"en": "second", "zh": "后者"}),
            *(replace(NUMBER_COLUMNS[name], decimals=1) for name in ("difference", "low", "high")),
            NUMBER_COLUMNS["n"],
            Column("both", {"en": "stores with both", "zh": "兼有两者的门店"}, "count"),
            *(NUMBER_COLUMNS[name] for name in ("df", "p", "p_adjusted")),
            *self.reasons(EFFECT_REASONS),
        )

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        if not isinstance(self.interval, Taylor):
            return method_of_visits(self.interval, self.language)
        return say(BY_SIDES, self.language)

    def about(self) -> tuple[Text, ...]:
        adjusted = ADJUSTMENTS[self.adjust]
        return (
            {"en": f"p adjusted over the table: {adjusted['en']}", "zh": f"p 值校正（全表）：{adjusted['zh']}"},
            {"en": "differences of means over visits; where other stores, months or scenarios were visited, the difference is "
             "theirs, too", "zh": "差异为各次访问均值之差；若访问的门店、月份或情景不同，差异中也含有这些因素"},
        )  # fmt: skip

    def row(self, first: Any, second: Any, name: str = "total") -> pd.Series:
        """One difference, first less second."""
        frame = self.frame
        hit = (frame[self.by] == first) & (frame["against"] == second) & (frame["id"] == name)
        if not hit.any():
            raise DataError(f"there is no difference of {name!r} between {first!r} and {second!r} in this order.")
        return frame[hit].iloc[0]

    def sentence(self, first: Any = None, second: Any = None, name: str = "total") -> str:
        """One difference in words: where there are two values only, they need not be named."""
        if first is None and second is None:
            first, second = self._only_pair()
        row, zh, show = self.row(first, second, name), self.language == "zh", self.compared.show
        a, b = show(first, self.language), show(second, self.language)
        bound = replace(NUMBER_COLUMNS["low"], decimals=1)
        words = [replace(NUMBER_COLUMNS["difference"], decimals=1).show(row["difference"], self.language)]
        words += [bound.show(row[name], self.language) for name in ("low", "high")]
        percent = f"{100 * self.level:g}%"
        if not np.isfinite(row["low"]):
            return self.nothing(
                f"{row['label']}: {a} − {b}", "difference", say(EFFECT_REASONS[row["reason"]], self.language)
            )
        shown = NUMBER_COLUMNS["p"].show(row["p"], self.language)
        p = f"p < {shown[1:]}" if shown.startswith("<") else f"p = {shown}"
        if zh:
            return f"{row['label']}：{a}与{b}相差 {words[0]} 分（{percent} 置信区间 {words[1]} 至 {words[2]}，{p}，未校正）。"
        return f"{row['label']}: {a} less {b} {words[0]} points ({percent} CI {words[1]} to {words[2]}, {p}, not adjusted)."

    def _only_pair(self) -> tuple[Any, Any]:
        pairs = list(dict.fromkeys(zip(self.frame[self.by], self.frame["against"], strict=True)))
        if len(pairs) > 1:
            listed = ", ".join(f"({a!r}, {b!r})" for a, b in pairs[:4]) + (", …" if len(pairs) > 4 else "")
            raise SpecError(f"{len(pairs)} pairs are compared; name one: sentence(first, second), from {listed}.")
        return pairs[0]

    def in_language(self, language: Language) -> VisitDifferences:
        """The same numbers, shown in English or Chinese."""
        labels = labels_of(self.scores.checklist)
        told = [
            say(labels[part, name], language) for part, name in zip(self.frame["part"], self.frame["id"], strict=True)
        ]
        column = self.scores.visits.in_language(language).column_of(self.by)
        return replace(self, language=language, by_column=column, frame=self.frame.assign(label=told))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every difference with its interval."""
        from servqual.plots.visits import draw_visit_differences

        return draw_visit_differences(self, ax)


def visit_differences(
    scores: VisitScores,
    by: str,
    *,
    parts: Sequence[Part] = ("total", "category"),
    adjust: Adjust = "holm",
    inspectors: Inspectors = "any",
) -> VisitDifferences:
    """How far do scores of two kinds of visits differ: covert and overt, one agency and another?

    Parameters
    ----------
    scores : VisitScores
    by : column with the kinds: mode, agency, scenario, company
    parts : which scores are compared
    adjust : correction over all pairs and scores
    inspectors : {"any", "these"}
        Whether errors count that inspectors differ, where visits name them and stores are clusters. Left out, the difference of
        two agencies is one of the few people who happened to work for them

    Returns
    -------
    VisitDifferences
        Where a store saw both kinds, its two means move together; the covariance is in the error, since both are sums over
        the same clusters.

    Notes
    -----
    A difference of means over visits, not of the same store's two means: where one kind of visit went to other stores, those
    are in it. ``both`` counts the stores that saw both. ``reason`` says where none did. Visits that name no kind are left out.
    The variance is that of stores plus what inspectors add, as in :func:`~servqual.mystery.scores.score_visits`. Each side has
    the small-sample factor and the degrees of freedom of its own stores (inspectors), see :func:`between_units`: eighty visits of one
    kind say nothing of how the four of another kind vary. Where all stores of one side agree, its error is not known: scores that
    are 0 or 100 throughout (yes and no) then have Newcombe's interval, joined from Wilson's of both sides, with as many answers
    on the side that agrees as it has stores (inspectors, where these are fewer and count); other scores have none, and no
    p. With fewer than 3 stores on a side, or one inspector where inspectors
    count, there is no interval, and ``reason`` says so. In simulated studies without a difference (30 or 40 stores
    seen twice covertly, some of them overtly as well) 95% intervals held 0 in 91 to 94 of 100 with 3 stores on a side, in 94 to 96
    with 4 to 12, and in 87 to 96 where scores jumped by vetoes and a side had 3 to 5 visits. Three stores are few.

    References
    ----------
    Comparison of domains by linearisation: Lumley (2010), Complex Surveys, Wiley, doi:10.1002/9780470580066. Satterthwaite
    (1946), Biometrics Bulletin 2, 110-114, doi:10.2307/3002019. Checked against R's ``survey`` 4.1 (``svyglm``, but for the
    small-sample factor), Welch's test, the paired t test and by simulation (tests/test_mystery_scores.py).
    """
    check_choice("adjust", adjust, Adjust)
    check_choice("inspectors", inspectors, Inspectors)
    check_columns([by], scores.visits.frame.columns, "the table of visits")
    visits = scores.visits.chosen(scores.visits.frame[by].notna().to_numpy())
    groups = Groups.of(visits, (by,))
    if len(groups.labels) < 2:
        raise DataError(f"there is only one value of {by!r}: nothing to compare.")
    kept = scores.visits.frame[by].notna().to_numpy()
    measures = [each for each in measures_of(scores.checklist) if each.part in parts]
    values = np.column_stack([each.read(getattr(scores.points, scores.of))[kept] for each in measures])
    moments = groups.moments(values)
    told = Seen.of(visits.frame) if isinstance(scores.interval, Taylor) and by != "inspector" else None
    seen = told if inspectors == "any" else None
    frames = [
        _pair(groups, moments, values, a, b, by, measures, scores, seen) for a, b in combinations(groups.labels, 2)
    ]
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjust_p(frame["p"].to_numpy(), adjust))
    return VisitDifferences(
        frame, scores.language, level=scores.level, interval=scores.interval, by=by, by_column=visits.column_of(by),
        adjust=adjust, scores=scores,
        remarks=(scores.remarks[0], *([] if told is None else [inspectors_remark(told, seen is not None, few=_fewest(told, groups.code))]),
                 *selection_remark(visits), *mix_remarks(visits, (by,)), *([_SEVERITY] if by == "inspector" else [])),
    )  # fmt: skip


def _fewest(seen: Seen, code: Array) -> float:
    """Of all kinds of visits, the fewest inspectors that those of one are worth, where few made most of them."""
    found = [seen.few(code == k) for k in range(int(code.max()) + 1)]
    return float(np.nanmin(found)) if np.isfinite(found).any() else float("nan")


def _pair(
    groups: Groups, moments: Moments, values: Array, a: tuple[Any, ...], b: tuple[Any, ...], by: str,
    measures: Sequence[Measured], scores: VisitScores, seen: Seen | None,
) -> pd.DataFrame:  # fmt: skip
    """The rows of one pair of kinds."""
    first, second = (MeanLine.of(moments, label, scores.interval) for label in (a, b))
    difference = first.mean - second.mean
    variance, df, why = _error(groups, moments, values, (a, first), (b, second), scores.interval, seen)
    sides = [Side.of(groups, values, label, line.mean) for label, line in ((a, first), (b, second))]
    alike = (df > 0) & np.any([(line.se == 0) & (not line.asked_all) for line in (first, second)], axis=0)
    counted = alike & np.all([side.yes_no for side in sides], axis=0)
    variance, df = (np.where(alike, np.nan, each) for each in (variance, df))
    se = np.where((df > 0) & np.isfinite(difference), np.sqrt(variance), np.nan)
    low, high = t_interval(difference, np.where(se > 0, se, np.nan), df, scores.level)
    p = t_pvalue(np.nan_to_num(difference), np.nan_to_num(se), np.nan_to_num(df))
    if counted.any():
        of_shares = _of_shares(groups, sides, (first, second), scores, seen, counted)
        low[counted], high[counted], p[counted] = of_shares
    stores = [set(groups.visits.frame.loc[groups.code == groups.labels.index(label), "store"]) for label in (a, b)]
    both = len(stores[0] & stores[1])
    nobody = (first.n == 0) | (second.n == 0)
    labels = labels_of(scores.checklist)
    reason = np.select(
        [nobody, why != "", counted, alike, ~(df > 0), se == 0],
        ["nobody", why, "by stores", "alike", "no df", "no variation"],
        "" if both else "same stores",
    )
    return pd.DataFrame({
        by: [a[0]] * len(measures), "against": [b[0]] * len(measures),
        "part": [each.part for each in measures], "id": [each.id for each in measures],
        "label": [say(labels[each.part, each.id], scores.language) for each in measures],
        "first": first.mean, "second": second.mean, "difference": difference, "se": se, "low": low, "high": high,
        "df": df, "p": p,
        "n": (first.n + second.n).astype(int), "n_first": first.n.astype(int), "n_second": second.n.astype(int),
        "both": both, "reason": reason,
    })  # fmt: skip


def _error(
    groups: Groups, moments: Moments, values: Array, first: tuple[Any, MeanLine], second: tuple[Any, MeanLine],
    interval: Interval, seen: Seen | None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """(m,) variances of differences, their degrees of freedom (nan where there is no interval) and the reason for that."""
    spread = _spread(moments, first, second, interval)
    variance, df, why = spread.se**2, np.asarray(spread.df, dtype=float), np.full(len(spread.df), "", dtype=object)
    stores = groups.visits.design.clusters
    alone = within_one_cluster(moments, [first[0], second[0]])
    if not isinstance(interval, Taylor) or not stores or alone or complete_strata(moments)[0]:
        return variance, df, why  # nothing is drawn between stores, or visits are the units
    one, other = (Side.of(groups, values, label, line.mean) for label, line in (first, second))
    code = pd.factorize(groups.visits.frame[stores], use_na_sentinel=False)[0]
    freedom = [np.where(line.lone, 0.0, line.df) for _, line in (first, second)]
    own, plain, freely, fewest = between_units(one, other, code, freedom)
    n = int(code.max()) + 1
    common = n / max(n - len(moments.layout.names), 1)  # of all stores together: those of the sides take its place
    variance = variance * np.divide(own, common * plain, out=np.ones_like(own), where=plain > 0)
    df, why = np.minimum(df, freely), np.where(fewest < _FEWEST, "few stores", why)
    if seen is not None:
        variance, df, people = with_inspectors(one, other, seen, variance, df)
        why = np.where((why == "") & (people < 2), "one inspector", why)
    return variance, np.where(why == "", df, np.nan), why


def with_inspectors(first: Side, second: Side, seen: Seen, variance: Array, df: Array) -> tuple[Array, Array, Array]:
    """(m,) variance of a difference and its degrees of freedom with what inspectors add, and the inspectors of the side that
    has fewer."""
    whole, _, number, people = between_units(first, second, seen.inspector)
    added = np.maximum(whole - between_units(first, second, seen.pair)[0], 0.0)
    return variance + added, freedom_with_inspectors(variance, df, added, whole, number), people


def _of_shares(
    groups: Groups, sides: Sequence[Side], lines: Sequence[MeanLine], scores: VisitScores, seen: Seen | None, chosen: Array
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Bounds and p of differences of shares where the visits of one side are all yes or all no."""
    stores = groups.visits.design.clusters if isinstance(scores.interval, Taylor) else None
    code = pd.factorize(groups.visits.frame[stores or "visit"], use_na_sentinel=False)[0]
    size = []
    for side, line in zip(sides, lines, strict=True):
        variance, units, df = side.between(code, line.df, seen)
        size.append(worth(line.mean / 100, variance / 1e4, line.n, df, units, scores.level)[chosen])
    share = np.array([line.mean[chosen] for line in lines]) / 100
    weight = np.array([[1.0], [-1.0]]) * np.ones_like(share)
    low, high, p = contrast_interval(weight, share, np.array(size), level=scores.level)
    return 100 * low, 100 * high, p


def worth(share: Array, variance: Array, n: Array, df: Array, units: Array, level: float) -> Array:
    """How many independent answers a share is worth: as :func:`~servqual.proportions.effective_n` where its units (stores)
    differ, the number of units where they agree, and nothing shows how alike visits of one unit are."""
    varies = (variance > 0) & (df > 0)
    shrunk = df_shrinkage(np.maximum(n, 2), np.where(varies, df, 1.0), level)
    return np.where(varies, share * (1 - share) / np.where(varies, variance, 1.0) * shrunk, units)


@dataclass(frozen=True, eq=False)
class Side:
    """Visits of one kind, and the influence of each on the means of its kind.

    Attributes
    ----------
    rows : (r,) places of these visits among all
    influence : (r, m) ``w (x − mean)/Σ w``; 0 where a visit has no score
    there : (r, m) True where it has one
    yes_no : (m,) True where every score is 0 or 100
    """

    rows: Array
    influence: Array
    there: Array
    yes_no: Array

    @classmethod
    def of(cls, groups: Groups, values: Array, label: Any, mean: Array) -> Side:
        """The visits of one group."""
        rows = np.flatnonzero(groups.code == groups.labels.index(label))
        there = np.isfinite(values[rows])
        weight = there if groups.weight is None else there * groups.weight[rows][:, None]
        total = weight.sum(axis=0)
        share = np.divide(weight, total, out=np.zeros(there.shape), where=total > 0)
        return cls(rows, share * np.where(there, values[rows] - mean, 0.0), there, only_yes_or_no(values[rows]))

    def by(self, code: Array, size: int) -> tuple[Array, Array]:
        """(size, m) influence summed by unit, and whether the unit has a score."""
        m = self.influence.shape[1]
        place = (code[self.rows][:, None] * np.int64(m) + np.arange(m)).ravel()
        sums, count = (np.bincount(place, part.ravel(), size * m) for part in (self.influence, self.there))
        return sums.reshape(size, m), count.reshape(size, m) > 0

    def between(self, code: Array, df: Array, seen: Seen | None) -> tuple[Array, Array, Array]:
        """(m,) variance of the means between units of this side, units (inspectors, where these are fewer), and degrees of
        freedom; with what inspectors add where they are given."""
        variance, units = self._one(code)
        if seen is None:
            return variance, units, df
        (whole, people), (pairs, _) = (self._one(each) for each in (seen.inspector, seen.pair))
        added = np.maximum(whole - pairs, 0.0)
        return (
            variance + added,
            np.minimum(units, people),
            freedom_with_inspectors(variance, df, added, whole, people - 1),
        )

    def _one(self, code: Array) -> tuple[Array, Array]:
        sums, there = self.by(code, int(code.max()) + 1)
        units = there.sum(axis=0)
        return (sums**2).sum(axis=0) * units / np.maximum(units - 1, 1), units


def only_yes_or_no(values: Array) -> Array:
    """(m,) True where every score of (n, m) that is there is 0 or 100."""
    return np.asarray((np.isnan(values) | (values == 0) | (np.abs(values - 100) < 1e-9)).all(axis=0))


def between_units(
    first: Side, second: Side, code: Array, freedom: Sequence[Array] | None = None
) -> tuple[Array, Array, Array, Array]:
    """Variance of the difference of two means from units (stores) that one or both of them have seen.

    Parameters
    ----------
    first, second : the two kinds of visits
    code : (n,) unit of each visit of the study
    freedom : (m,) degrees of freedom of each mean; its units less 1 by default

    Returns
    -------
    variance, plain : (m,) with the factors of small samples, and without
    df : (m,)
    fewest : (m,) units of the side that has fewer

    Notes
    -----
    With u and v the sums of influence of a unit on the two means, ``V = Σ_p S_p/(1 − l_p)`` over units of the first kind alone
    (``S = Σ u²``), of the second alone (``Σ v²``) and of both (``Σ (u − v)²``). Estimating a mean from G units takes the share
    l = 1/G of their squares; in units of both, each side's l counts as its squares do. The degrees of freedom are
    ``V²/Σ_p [(S_p/(1 − l_p))²/(G_p (1 − l_p))]`` after Satterthwaite. One visit per unit: Welch's test where no unit has both, the
    paired t test where all have.
    """
    size = int(code.max()) + 1
    (u, here), (v, beside) = first.by(code, size), second.by(code, size)
    units = np.array([here.sum(axis=0), beside.sum(axis=0)], dtype=float)
    left = np.maximum(units - 1, 0) if freedom is None else np.array(freedom)
    lost = 1 - np.divide(left, units, out=np.zeros_like(units), where=units > 0)
    both = here & beside
    squares = [(np.where(where, part, 0.0) ** 2).sum(axis=0) for where, part in
               ((here & ~both, u), (beside & ~both, v), (both, u - v), (both, u), (both, v))]  # fmt: skip
    shared = squares[3] + squares[4]
    mixed = np.divide(lost[0] * squares[3] + lost[1] * squares[4], shared, out=lost.max(axis=0), where=shared > 0)
    kept = 1 - np.array([lost[0], lost[1], mixed])
    counts = np.array([units[0] - both.sum(axis=0), units[1] - both.sum(axis=0), both.sum(axis=0)])
    plain = np.array(squares[:3])
    parts = np.divide(plain, kept, out=np.zeros_like(plain), where=kept > 0)
    each = np.divide(parts**2, counts * kept, out=np.zeros_like(parts), where=counts * kept > 0)
    variance, below = parts.sum(axis=0), each.sum(axis=0)
    df = np.divide(variance**2, below, out=left.min(axis=0), where=below > 0)
    return variance, plain.sum(axis=0), np.where(left.min(axis=0) > 0, df, 0.0), units.min(axis=0)


def _spread(moments: Moments, first: tuple[Any, MeanLine], second: tuple[Any, MeanLine], interval: Interval) -> Spread:
    """Spread of the difference of two groups' means; Student takes them as two samples (Welch)."""
    masks, scores = moments.map.mask_of_score + 1, len(moments.map.mask_names) + 1
    place = scores + np.arange(len(moments.map.scores))
    terms = []
    for sign, (label, line) in ((1.0, first), (-1.0, second)):
        gram = moments.total(moments.in_domain(label))
        term = mean_term(label, gram.shape[0], masks, place, gram[0, masks], line.mean)
        sample = 0 if isinstance(interval, Taylor) else label
        terms.append(replace(term, coefficients=sign * term.coefficients, sample=sample))
    if within_one_cluster(moments, [label for label, _ in (first, second)]):
        return inside_one_cluster(moments, [replace(term, sample=term.domain) for term in terms])
    return interval.spread(moments, terms)
