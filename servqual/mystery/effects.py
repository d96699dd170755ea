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
from servqual.shares import MeanLine, mean_term
from servqual.tabulation import IntervalTable
from survey_design.errors import DataError, check_choice, check_columns
from survey_design.results import Column, Language, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
EFFECT_REASONS: dict[str, Text] = {
    **NUMBER_COLUMNS["reason"].words,
    "same stores": {
        "en": "no store saw both: stores and kinds of visit cannot be told apart",
        "zh": "没有门店同时接受两种访问：门店差异与访问方式差异无法区分",
    },
}


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
        return method_of_visits(self.interval, self.language)

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

    def sentence(self, first: Any, second: Any, name: str = "total") -> str:
        """One difference in words."""
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
    The variance is that of stores plus what inspectors add, as in :func:`~servqual.mystery.scores.score_visits`, with
    ``G/(G − 2)`` for the two means.

    References
    ----------
    Comparison of domains by linearisation: Lumley (2010), Complex Surveys, Wiley, doi:10.1002/9780470580066. Checked against
    R's ``survey`` 4.1 (``svyglm``) and Welch's test (tests/test_mystery_scores.py).
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
        remarks=(scores.remarks[0], *([] if told is None else [inspectors_remark(told, seen is not None)]),
                 *selection_remark(visits), *mix_remarks(visits, (by,))),
    )  # fmt: skip


def _pair(
    groups: Groups, moments: Moments, values: Array, a: tuple[Any, ...], b: tuple[Any, ...], by: str,
    measures: Sequence[Measured], scores: VisitScores, seen: Seen | None,
) -> pd.DataFrame:  # fmt: skip
    """The rows of one pair of kinds."""
    first, second = (MeanLine.of(moments, label, scores.interval) for label in (a, b))
    spread = _spread(moments, (a, first), (b, second), scores.interval)
    difference = first.mean - second.mean
    variance, df = spread.se**2, np.asarray(spread.df, dtype=float)
    if seen is not None:
        variance, df = _with_inspectors(groups, values, (a, first.mean), (b, second.mean), seen, variance, df)
    se = np.where((df > 0) & np.isfinite(difference), np.sqrt(variance), np.nan)
    low, high = t_interval(difference, se, df, scores.level)
    stores = [set(groups.visits.frame.loc[groups.code == groups.labels.index(label), "store"]) for label in (a, b)]
    both = len(stores[0] & stores[1])
    nobody = (first.n == 0) | (second.n == 0)
    labels = labels_of(scores.checklist)
    reason = np.select([nobody, ~(df > 0), se == 0], ["nobody", "no df", "no variation"], "" if both else "same stores")
    return pd.DataFrame({
        by: [a[0]] * len(measures), "against": [b[0]] * len(measures),
        "part": [each.part for each in measures], "id": [each.id for each in measures],
        "label": [say(labels[each.part, each.id], scores.language) for each in measures],
        "first": first.mean, "second": second.mean, "difference": difference, "se": se, "low": low, "high": high,
        "df": df, "p": t_pvalue(np.nan_to_num(difference), np.nan_to_num(se), df),
        "n": (first.n + second.n).astype(int), "n_first": first.n.astype(int), "n_second": second.n.astype(int),
        "both": both, "reason": reason,
    })  # fmt: skip


def _with_inspectors(
    groups: Groups, values: Array, first: tuple[Any, Array], second: tuple[Any, Array], seen: Seen, variance: Array, df: Array
) -> tuple[Array, Array]:  # fmt: skip
    """Variances of differences and their degrees of freedom with what inspectors add."""
    n, one = len(values), np.zeros(len(values), dtype=int)
    weight = np.ones(n) if groups.weight is None else groups.weight
    more, whole, freedom = (np.zeros(len(variance)) for _ in range(3))
    for j in range(values.shape[1]):
        influence = np.zeros(n)
        for sign, (label, mean) in ((1.0, first), (-1.0, second)):
            own = (groups.code == groups.labels.index(label)) & np.isfinite(values[:, j])
            if own.any():
                influence[own] = sign * weight[own] / weight[own].sum() * (values[own, j] - mean[j])
        (more[j],), (whole[j],), (number,) = seen.added(influence, one, 1, lost=2)
        freedom[j] = number - 2
    return variance + more, freedom_with_inspectors(variance, df, more, whole, freedom)


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
