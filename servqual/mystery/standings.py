"""How does each store stand? Its score with an interval, pulled towards its tier, its chance of passing, its range of ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import Student
from servqual.moments import NOT_STATED
from servqual.mystery.scores import (
    VISIT_REASONS,
    Groups,
    VisitScores,
    beyond_scale,
    bounds,
    labels_of,
    measures_of,
    method_of_visits,
    within_scale,
)
from servqual.mystery.visits import Visits
from servqual.shares import MeanLine
from servqual.stores import (
    STORE_REASONS,
    ObservedStores,
    StoreEstimates,
    StoreQuestion,
    group_of_stores,
    model_remarks,
    model_stores,
)
from survey_design.errors import SpecError
from survey_design.results import Column, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
PASSING = "passing"
_REASONS: Mapping[str, Text] = {
    **STORE_REASONS,
    **{name: VISIT_REASONS[name] for name in ("nobody", "one answer", "no error")},
    "one df": {"en": "two visits: an interval would say nothing", "zh": "仅两次访问，区间没有意义"},
    "single": {
        "en": "one visit a store: how visits to a store vary cannot be seen",
        "zh": "每店仅一次访问，无法得知店内各次访问的差异",
    },
    "no spread": {"en": "visits to a store do not vary: nothing to pull", "zh": "各店历次访问得分没有差异，无须收缩"},
}


@dataclass(frozen=True, eq=False, repr=False)
class StoreStandings(StoreEstimates):
    """What visits say of each store, one row each, as :class:`~servqual.stores.StoreEstimates` says it of customers' answers.

    Frame columns: the store, its group; ``score`` (mean over its visits) with ``se, low, high, n, df, reason``; ``flag``;
    ``reliability, toward, shrunken`` with bounds; ``rank, rank_low, rank_high``; ``below`` and ``passing`` (probability that
    the true score is under the threshold, and that it is not), ``among_worst``, ``shrunken_reason``.
    """

    called_measure: Text | None = None

    def _named(self) -> str:
        return say(self.called_measure or {}, self.language)

    @property
    def method(self) -> str:
        """How the intervals of the raw scores were made, in words."""
        return method_of_visits(self.interval, self.language)

    @property
    def _words(self) -> Mapping[str, Text]:
        return _REASONS

    def _raw_words(self, row: pd.Series) -> str:
        """The raw score, and whether its interval says anything."""
        return within_scale(super()._raw_words(row), row, self.language)

    def columns(self) -> tuple[Column, ...]:
        """As in the table of customers' answers, with the chance of passing in place of the chance of failing."""
        reach = "" if self.threshold is None else f"{self.threshold:g}"
        passing = Column(PASSING, {"en": f"P({reach} or more)", "zh": f"达到 {reach} 的概率"}, "share")
        return tuple(passing if column.name == "below" else column for column in super().columns())

    def league(self) -> pd.DataFrame:
        """Stores by expected rank, the best first, with the ranks that the visits leave open."""
        names = [
            self.by,
            *([self.within] if self.within else []),
            "rank",
            "rank_low",
            "rank_high",
            "shrunken",
            "score",
            "n",
        ]
        return self.frame.sort_values(["rank", "shrunken"], ascending=[True, False], kind="stable")[names].reset_index(
            drop=True
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Stores from best to worst, pulled and raw, and beside them the ranks left open."""
        from servqual.plots.stores import draw_stores

        return draw_stores(self, ax)


def store_standings(
    scores: VisitScores,
    *,
    by: str = "store",
    within: str | None = None,
    measure: str = "total",
    minimum: int = 2,
    between: float | None = None,
    threshold: float | None = None,
    worst: int | None = None,
    draws: int = 4000,
    seed: int = 0,
) -> StoreStandings:
    """What can be said of each store from its few visits: the mean, the mean pulled towards its tier, passing, and its rank.

    Parameters
    ----------
    scores : VisitScores; which score (``of``), which visits and the level are taken from it
    by, within : columns of the store and of its group (tier)
    measure : "total", a category, an indicator or a module
    minimum : visits under which a store is flagged
    between : standard deviation between stores where it is known; else it is learned, which needs three stores more than
        groups
    threshold : adds the probability that a store's true score reaches it (85, say)
    worst : how many count as "among the worst"; a tenth by default
    draws, seed : simulated rankings, and where their random numbers start

    Notes
    -----
    The model is that of :func:`servqual.stores.store_estimates`, with visits in place of interviews: variances of a store's
    visits are pooled over its group, means pulled by what their reliability lacks, ranks drawn from the same distribution.
    A true score is what the mean over very many such visits would be; that inspectors differ is part of the error only as far
    as a store saw several of them. Where one inspector came to a store again and again, intervals are too narrow, which the
    note says: in simulated studies with three inspectors for twelve visits, 95% intervals held in 90% of the stores, in 83%
    where inspectors differed much; those of :func:`servqual.dependability.dependability` ``.stores()`` in 95%.

    References
    ----------
    Fay and Herriot (1979), J. Am. Statist. Assoc. 74, 269-277, doi:10.1080/01621459.1979.10482505. Goldstein and
    Spiegelhalter (1996), J. R. Statist. Soc. A 159, 385-409, doi:10.2307/2983325. Checked as
    :func:`~servqual.stores.store_estimates` is; raw means against R (tests/test_mystery_scores.py).
    """
    visits = scores.visits
    if threshold is not None:
        check_points("threshold", threshold)
    asked = StoreQuestion(by, within, "score", measure, minimum, between, threshold, worst, scores.level, draws, seed)
    found = [each for each in measures_of(scores.checklist) if each.id == measure]
    if not found:
        known = ", ".join(each.id for each in measures_of(scores.checklist))
        raise SpecError(f"measure={measure!r} is not known. Choose one of {known}.")
    values = found[0].read(getattr(scores.points, scores.of))
    observed = observed_stores(scores, asked, values)
    frame, model, differences, asked = model_stores(observed, asked, between)
    remarks, cut = list(scores.remarks), _cut_at_the_scale(frame)
    if threshold is not None:
        frame.insert(list(frame.columns).index("below") + 1, PASSING, 1 - frame["below"])
    columns = tuple(visits.column_of(name) for name in (by, within) if name)
    few = int((frame["flag"] != "").sum())
    if few:
        k = len(frame)
        remarks.append({"en": f"{few} of {k} stores with fewer than {minimum} visits: flagged, not for publication",
                        "zh": f"{k} 家中有 {few} 家访问不足 {minimum} 次，已标注，不宜对外发布"})  # fmt: skip
    remarks += [*beyond_scale(frame), *cut, *_same_eyes(visits, by)]
    if not isinstance(model, str):
        remarks += model_remarks(model, columns[1] if within else None, "few visits")
    return StoreStandings(
        frame, scores.language, by_columns=columns, differences=differences, interval=Student(), remarks=tuple(remarks),
        called_measure=labels_of(scores.checklist)[found[0].part, measure], **asked.shown(),
    )  # fmt: skip


def check_points(name: str, value: Any) -> None:
    """Refuse a threshold that is no number of points from 0 to 100, and shares that were meant as points.

    >>> check_points("threshold", 0.7)
    Traceback (most recent call last):
    survey_design.errors.SpecError: threshold=0.7 would be less than one point of 100. Write 70 for 70%.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 100:
        raise SpecError(f"{name}={value!r} must be a number of points from 0 to 100. Write 70 for 70%, without a sign.")
    if 0 < value <= 1:
        what = "one point of 100" if value == 1 else "less than one point of 100"
        raise SpecError(f"{name}={value:g} would be {what}. Write {100 * value:g} for {100 * value:g}%.")


def _cut_at_the_scale(frame: pd.DataFrame) -> list[Text]:
    """Cut the model's intervals at 0 and 100, between which every true score lies, and say how many were."""
    bounds = frame[["shrunken_low", "shrunken_high"]]
    out = int(((bounds < 0) | (bounds > 100)).any(axis=1).sum())
    frame[["shrunken_low", "shrunken_high"]] = bounds.clip(0, 100)
    if not out:
        return []
    return [{"en": f"intervals of the pulled scores are cut at 0 and 100 ({out} of {len(frame)})",
             "zh": f"收缩得分的区间截至 0–100 分（{len(frame)} 家中 {out} 家）"}]  # fmt: skip


def _same_eyes(visits: Visits, by: str) -> list[Text]:
    """In how many stores one inspector made several visits, which are not independent."""
    if "inspector" not in visits.frame or visits.frame["inspector"].nunique() < 2:
        return []
    named = visits.frame.dropna(subset=[by, "inspector"])
    again, k = named.loc[named.duplicated([by, "inspector"]), by].nunique(), named[by].nunique()
    if not again:
        return []
    return [{"en": f"in {again} of {k} stores an inspector made more than one visit: intervals take these visits as independent and are "
                   "too narrow where inspectors differ; dependability().stores() reckons with it",
             "zh": f"{k} 家中有 {again} 家由同一检查员多次访问：区间把这些访问视为相互独立，检查员宽严不一时偏窄；"
                   "dependability().stores() 已计入此差异"}]  # fmt: skip


def observed_stores(scores: VisitScores, asked: StoreQuestion, values: Array) -> ObservedStores:
    """Raw means of the stores with their own errors, from one score of every visit: what the model of stores starts from."""
    groups = Groups.of(scores.visits, (asked.by,))
    moments = groups.moments(values[:, None])
    labels = [label for label in groups.labels if label[0] != NOT_STATED]
    lines = [MeanLine.of(moments, label, Student()) for label in labels]
    names = [label[0] for label in labels]
    if asked.worst is not None and asked.worst > len(names):
        raise SpecError(f"worst={asked.worst}, but there are {len(names)} of {asked.by!r}: give {len(names)} or fewer.")
    told = group_of_stores(scores.visits.frame, asked.by, asked.within, names, "the table of visits")
    called = sorted(dict.fromkeys(told), key=str)
    n = np.array([line.n[0] for line in lines])
    kish = np.array([line.kish[0] for line in lines])
    df = np.array([line.df[0] for line in lines])
    se = np.array([line.se[0] for line in lines])
    share = np.divide(kish, n, out=np.full(len(n), np.nan), where=n > 0)
    none = np.zeros(len(names))
    return ObservedStores(
        names, [], np.array([called.index(name) for name in told]), called,
        np.array([line.mean[0] for line in lines]), np.where(df > 0, se**2, 0.0)[:, None], df[:, None], share[:, None],
        none, none.astype(int), np.zeros((1, 1)), _lines(lines, scores.level), n,
    )  # fmt: skip


def _lines(lines: Sequence[MeanLine], level: float) -> pd.DataFrame:
    """The raw rows, as the table of stores takes them."""
    rows = []
    for line in lines:
        low, high, reason = bounds(line, np.array([False]), level)
        told = "" if reason[0] == "one cluster" else reason[0]
        rows.append({"score": line.mean[0], "se": line.se[0], "low": low[0], "high": high[0], "n": int(line.n[0]),
                     "df": line.df[0], "reason": told})  # fmt: skip
    return pd.DataFrame(rows)
