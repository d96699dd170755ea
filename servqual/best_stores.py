"""Which stores can others learn from? A benchmark store in every tier, and how far everybody is from it.

High, steady, and visited often enough to know. Where no store can be told apart as the best, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS, adjust_p
from servqual.mystery.scores import SCORE_COLUMNS, VisitScores, labels_of, measures_of, score_visits
from servqual.mystery.standings import observed_stores
from servqual.mystery.visits import Visits
from servqual.stores import (
    STORE_REASONS,
    BetweenStores,
    ObservedStores,
    Posterior,
    StoreQuestion,
    model_remarks,
    model_stores,
)
from survey_design.errors import SpecError
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
FIT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "few visits": {"en": "too few visits", "zh": "访问次数不足"},
    "unsteady": {"en": "varies more between visits than its tier", "zh": "各次访问间的波动大于同级门店"},
    "no estimate": {"en": "no estimate", "zh": "无法估计"},
}


@dataclass(frozen=True, eq=False, repr=False)
class BenchmarkStores(Result):
    """The benchmark store of every tier, and how far every other store is from it: one row a store.

    Frame columns: the tier and the store; ``n`` visits; ``score`` (mean), ``shrunken, shrunken_low, shrunken_high``
    (pulled towards the tier); ``spread`` (standard deviation between visits) with ``spread_low, spread_high`` and
    ``spread_p`` (F test that it varies no more than the tier's other stores, after Holm within the tier); ``fit`` (""
    if it may be a benchmark, else why not); ``best`` (probability of being the tier's best); ``among_best`` (True for
    the fewest stores that hold the best with probability ``level``); ``benchmark``; ``distance`` (benchmark less store,
    in points) with ``distance_low, distance_high``; ``shrunken_reason``.

    Attributes
    ----------
    tiers : DataFrame, one row a tier: ``stores, fit, benchmark, score, shrunken, best, candidates`` (how many
        stores are
        ``among_best``), ``told_apart`` (the benchmark is the only one of them)
    differences : how far stores differ, or None where that could not be learned
    """

    tiers: pd.DataFrame = field(default_factory=pd.DataFrame)
    within: str = "tier"
    by_columns: tuple[Column, ...] = ()
    measured: Text = field(default_factory=dict)
    level: float = 0.95
    minimum: int = 6
    most_spread: float | None = None
    draws: int = 4000
    seed: int = 0
    differences: BetweenStores | None = None
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        name = say(self.measured, self.language)
        return f"标杆门店：{name}" if self.language == "zh" else f"Benchmark stores: {name}"

    def columns(self) -> tuple[Column, ...]:
        number, store = NUMBER_COLUMNS["score"], self.by_columns[0]
        yes: dict[Any, Text] = {True: {"en": "yes", "zh": "是"}, False: {"en": "", "zh": ""}}
        return (
            self.by_columns[1],
            store,
            SCORE_COLUMNS["n"],
            number,
            replace(number, name="shrunken", label={"en": "shrunken", "zh": "收缩值"}),
            replace(number, name="spread", label={"en": "SD of visits", "zh": "访问间标准差"}),
            Column("fit", {"en": "no benchmark", "zh": "不宜作标杆"}, "text", FIT_REASONS),
            Column("best", {"en": "P(best)", "zh": "最佳概率"}, "share"),
            Column("benchmark", {"en": "benchmark", "zh": "标杆"}, "text", yes),
            replace(number, name="distance", label={"en": "distance", "zh": "差距"}),
            *(replace(number, name=f"distance_{name}", label=NUMBER_COLUMNS[name].label) for name in ("low", "high")),
            *([Column("shrunken_reason", NUMBER_COLUMNS["reason"].label, "text", STORE_REASONS)]
              if self.frame["shrunken_reason"].any() else []),
        )  # fmt: skip

    def note(self) -> str:
        percent, zh = f"{100 * self.level:g}%", self.language == "zh"
        parts = [say(remark, self.language) for remark in self.remarks]
        if self.differences:
            parts.append(self.differences.sentence(self.language, self.level))
        wild = (
            ""
            if self.most_spread is None
            else f"，或访问间标准差超过 {self.most_spread:g}"
            if zh
            else f", nor with an SD over {self.most_spread:g}"
        )
        if zh:
            parts.append(
                f"标杆须至少有 {self.minimum} 次访问，且访问间波动不大于同级其他门店（F 检验，Holm 校正）{wild}；其中取收缩值最高者"
            )
            parts.append(
                f"差距 = 标杆 − 门店，{percent} 区间取自 {self.draws:,} 次模拟（种子 {self.seed}），已计入标杆本身的不确定性"
            )
            return "；".join(parts) + "。"
        parts.append(f"a benchmark has {self.minimum} visits at least and varies no more between them than the other stores of its tier "
                     f"(F test, Holm){wild}; of these the highest shrunken score")  # fmt: skip
        parts.append(f"distance: benchmark less store, {percent} interval over {self.draws:,} draws (seed {self.seed}), the benchmark's own "
                     "uncertainty counted")  # fmt: skip
        return "; ".join(parts) + "."

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return replace(self, language=language)

    def sentence(self, tier: Any = None) -> str:
        """The benchmark of a tier (of every tier, if none is named) in words, and whether it can be told apart from the others."""
        if tier is None:
            return ("" if self.language == "zh" else " ").join(map(self.sentence, self.tiers[self.within]))
        hit = self.tiers[self.tiers[self.within] == tier]
        if hit.empty:
            raise SpecError(
                f"there is no {self.within} {tier!r}. There are: {', '.join(map(str, self.tiers[self.within]))}."
            )
        row, zh = hit.iloc[0], self.language == "zh"
        store, group = self.by_columns
        place = group.show(tier, self.language)
        if pd.isna(row["benchmark"]):
            if zh:
                return f"{place}：没有合适的标杆门店（{int(row['stores'])} 家中无一既有足够访问又表现稳定）。"
            return f"{place}: no benchmark; none of {int(row['stores'])} stores has enough visits, is steady and can be estimated."
        name, value = (
            store.show(row["benchmark"], self.language),
            NUMBER_COLUMNS["score"].show(row["shrunken"], self.language),
        )
        share, k, percent = f"{100 * row['best']:.0f}%", int(row["candidates"]), f"{100 * self.level:g}%"
        if zh:
            head, others = (
                f"{place}：{self._stands(row, name)}，收缩后 {value} 分，为本级最佳的概率 {share}",
                int(row["stores"]) - 1,
            )
            if others == 0:
                return f"{head}；本级仅此一家。"
            if row["told_apart"]:
                return f"{head}；可与其他 {others} 家区分。"
            if k == 1:
                return f"{head}；本级最佳者应为另一家门店，但其访问不足或不够稳定。"
            return f"{head}；但无法与其他门店区分：以 {percent} 的概率，最佳者在 {k} 家之中。"
        stands = self._stands(row, name)
        head = f"{place}: {stands} with {value} points (shrunken), the tier's best with probability {share}"
        if row["stores"] == 1:
            return f"{head}; it is the only store of its tier."
        if row["told_apart"]:
            return f"{head}; it can be told apart from the other {int(row['stores']) - 1}."
        if k == 1:
            return f"{head}; the tier's best is surely another store, which has too few visits or is not steady."
        return f"{head}; it cannot be told apart: with {percent} probability the best is one of {k} stores."

    def _stands(self, row: pd.Series, name: str) -> str:
        """A benchmark is called so only where it can be told apart; else it stands highest, of all or of those that may be one."""
        zh = self.language == "zh"
        if row["told_apart"] or row["stores"] == 1:
            return f"标杆为 {name}" if zh else f"{name} is the benchmark"
        inside = self.frame.loc[self.frame[self.within] == row[self.within], "shrunken"]
        if row["shrunken"] >= inside.max():
            return f"{name} 得分最高" if zh else f"{name} stands highest"
        of = f"of those with {self.minimum} steady visits or more"
        return (
            f"{name} 在不少于 {self.minimum} 次访问且表现稳定的门店中得分最高" if zh else f"{name} stands highest {of}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """A strip for every tier: its benchmark, and the stores at their distances."""
        from servqual.plots.benchmark import draw_benchmarks

        return draw_benchmarks(self, ax)


def benchmark_stores(
    visits: Visits | VisitScores,
    *,
    within: str = "tier",
    measure: str = "total",
    minimum: int = 6,
    most_spread: float | None = None,
    between: float | None = None,
    level: float | None = None,
    draws: int = 4000,
    seed: int = 0,
) -> BenchmarkStores:
    """The store of every tier that others may learn from: high, steady, visited often enough; and everybody's distance to it.

    Parameters
    ----------
    visits : Visits, scored as they are; or VisitScores
    within : column of the tier
    measure : "total", a category, an indicator or a module
    minimum : visits that a benchmark must have
    most_spread : greatest standard deviation between visits that a benchmark may have, in points; besides the F test
    between : standard deviation between stores, where it is known (see :func:`servqual.stores.store_estimates`)
    level : confidence; that of the scores if not given, else 0.95
    draws, seed : simulated sets of true means, and where their random numbers start

    Returns
    -------
    BenchmarkStores

    Notes
    -----
    **High.** Raw means of few visits put lucky stores on top. Stores are ranked by means pulled towards their tier
    (:func:`servqual.stores.posterior`), and ``best`` is the share of simulated sets of true means in which a store is
    the highest of its tier: among all stores, fit to be a benchmark or not.

    **Steady.** ``spread`` is the standard deviation over a store's visits, with its chi-squared interval. The few
    visits of a store say little of it, so it counts as unsteady only if an F test of its variance against the pooled
    variance of its tier's other stores says so (one-sided at 1 − level, Holm within the tier), or if it exceeds
    ``most_spread``. The model pools variances over a tier, so the probabilities of an unsteady store are stated too
    surely.

    **Told apart.** ``among_best`` are the stores with the highest probabilities that together hold the best with
    probability ``level``. Where there is more than one, no store can be told apart as best; the benchmark is then one
    good store of several.

    **Distance.** ``θ_benchmark − θ_store`` over the same draws: mean and quantiles. The benchmark was chosen for its
    high score; pulling the means takes that luck out, as far as the model holds.

    References
    ----------
    Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159, 385-409, doi:10.2307/2983325.
    Laird and Louis (1989), Journal of Educational Statistics 14, 29-46, doi:10.3102/10769986014001029. Checked against
    exact normal integrals for two stores, scipy's F and chi-squared distributions, and simulated chains
    (tests/test_benchmark.py).

    Examples
    --------
    >>> from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
    >>> from servqual.mystery.visits import read_visits
    >>> checklist = Checklist(
    ...     "shop", "1", {"en": "Shop"}, (Category("look", {"en": "Look"}, 1.0),),
    ...     (Indicator("clean", {"en": "Clean"}, "look", 1.0),),
    ...     tuple(ChecklistItem(name, {"en": name}, "clean") for name in "pqrs"), languages=("en",))
    >>> answers = np.random.default_rng(3).random((60, 4)) < np.repeat([0.4, 0.5, 0.5, 0.6, 0.5, 0.9], 10)[:, None]
    >>> table = pd.DataFrame(answers.astype(int), columns=list("pqrs")).assign(store=np.repeat([*"ABCDEF"], 10), tier="core")
    >>> benchmark_stores(read_visits(table, checklist)).sentence("core")
    "core: F is the benchmark with 91.6 points (shrunken), the tier's best with probability 99%; it can be told apart from the other 5."
    """  # fmt: skip
    if isinstance(visits, VisitScores) and level not in (None, visits.level):
        raise SpecError(
            f"level={level}, but the scores were made with {visits.level:g}. Give the visits, or leave level out."
        )
    scores = visits if isinstance(visits, VisitScores) else score_visits(visits, level=0.95 if level is None else level)
    if most_spread is not None and not 0 < most_spread < np.inf:
        raise SpecError(f"most_spread={most_spread!r} is a standard deviation in points: give a number above 0.")
    asked = StoreQuestion("store", within, "score", measure, minimum, between, None, None, scores.level, draws, seed)
    found = next((each for each in measures_of(scores.checklist) if each.id == measure), None)
    if found is None:
        known = ", ".join(each.id for each in measures_of(scores.checklist))
        raise SpecError(f"measure={measure!r} is not known. Choose one of {known}.")
    observed = observed_stores(scores, asked, found.read(getattr(scores.points, scores.of)))
    table, model, differences, _ = model_stores(observed, asked, between)
    names = ["n", "score", "shrunken", "shrunken_low", "shrunken_high", "shrunken_reason"]
    frame = pd.concat([table[[within, "store"]], table[names]], axis=1)
    frame = frame.assign(**_steadiness(observed, scores.level))
    frame["fit"] = _fitness(frame, minimum, most_spread, 1 - scores.level)
    frame = _with_distances(frame, observed, model, asked)
    column, store = scores.visits.column_of(within), scores.visits.column_of("store")
    order = frame[within].astype(str)
    frame = (
        frame.assign(_tier=order)
        .sort_values(["_tier", "shrunken"], ascending=[True, False], kind="stable")
        .drop(columns="_tier")
    )
    remarks = [*scores.remarks, *([] if isinstance(model, str) else model_remarks(model, column, "few visits"))]
    return BenchmarkStores(
        frame.reset_index(drop=True), scores.language, tiers=_tiers(frame, within), within=within, by_columns=(store, column),
        measured=labels_of(scores.checklist)[found.part, measure], level=scores.level, minimum=minimum, most_spread=most_spread,
        draws=draws, seed=seed, differences=differences, remarks=tuple(remarks),
    )  # fmt: skip


def _steadiness(stores: ObservedStores, level: float) -> dict[str, Array]:
    """Standard deviation between the visits of each store with its interval, and p that it is no greater than in its tier."""
    df, share = stores.df[:, 0], stores.share[:, 0]
    known = (df > 0) & (share > 0)
    variance = np.where(known, stores.own[:, 0] / np.where(share > 0, share, 1.0), np.nan)
    low, high = variance_interval(variance, df, level)
    p = np.full(len(df), np.nan)
    for number in np.unique(stores.group):
        inside = np.flatnonzero((stores.group == number) & known)
        p[inside] = adjust_p(excess_spread(variance[inside], df[inside]), "holm")
    return {"spread": np.sqrt(variance), "spread_low": np.sqrt(low), "spread_high": np.sqrt(high), "spread_p": p}


def variance_interval(variance: Array, df: Array, level: float) -> tuple[Array, Array]:
    """Chi-squared interval of variances, ``df s²/χ²``; nan without degrees of freedom.

    >>> [round(float(bound), 3) for bound in variance_interval(np.array(4.0), np.array(9.0), 0.95)]
    [1.892, 13.331]
    """
    from scipy.special import chdtri

    usable = np.where(df > 0, df, np.nan)
    return usable * variance / chdtri(usable, (1 - level) / 2), usable * variance / chdtri(usable, (1 + level) / 2)


def excess_spread(variance: Array, df: Array) -> Array:
    """(k,) one-sided p of ``s_i²`` over the pooled variance of the others: F with their degrees of freedom.

    1 where the others do not vary and neither does it; nan where there are no others.

    >>> excess_spread(np.array([4.0, 1.0, 1.0]), np.array([9.0, 9.0, 9.0])).round(4).tolist()
    [0.006, 0.919, 0.919]
    """
    from scipy.special import fdtrc

    rest = df.sum() - df
    pooled = np.divide((df * variance).sum() - df * variance, rest, out=np.full(len(df), np.nan), where=rest > 0)
    pooled = np.where(pooled > 1e-12 * max(variance.max(initial=0), 1e-300), pooled, 0.0) + 0 * pooled
    ratio = np.divide(variance, pooled, out=np.where(variance > 0, np.inf, 0.0), where=pooled > 0)
    return np.where(rest > 0, fdtrc(df, np.where(rest > 0, rest, 1.0), ratio), np.nan)


def _fitness(frame: pd.DataFrame, minimum: int, most_spread: float | None, alpha: float) -> Array:
    """(k,) why a store may not be a benchmark; "" where it may."""
    wild = frame["spread_p"] < alpha
    if most_spread is not None:
        wild |= frame["spread"] > most_spread
    return np.select(
        [frame["n"] < minimum, ~np.isfinite(frame["shrunken"]), wild], ["few visits", "no estimate", "unsteady"], ""
    )


def _with_distances(
    frame: pd.DataFrame, stores: ObservedStores, model: Posterior | str, asked: StoreQuestion
) -> pd.DataFrame:
    """Probabilities of being the tier's best, who is the benchmark, and the distances to it."""
    frame = frame.assign(
        best=np.nan, among_best=False, benchmark=False, distance=np.nan, distance_low=np.nan, distance_high=np.nan
    )
    if isinstance(model, str):
        return frame
    usable = np.flatnonzero(stores.usable)
    order = np.array(sorted(range(len(usable)), key=lambda k: str(frame["store"].iloc[usable[k]])))
    ordered = replace(model, y=model.y[order], v=model.v[order], group=model.group[order])
    truths, place = ordered.draws(asked.draws, np.random.default_rng(asked.seed)), usable[order]
    for number in range(int(model.group.max()) + 1):
        inside = np.flatnonzero(ordered.group == number)
        rows, drawn = frame.index[place[inside]], truths[:, inside]
        best = np.bincount(drawn.argmax(axis=1), minlength=len(inside)) / len(drawn)
        frame.loc[rows, "best"] = best
        frame.loc[rows, "among_best"] = among_best(best, asked.level)
        fit = np.flatnonzero((frame.loc[rows, "fit"] == "").to_numpy())
        if len(fit):
            chosen = fit[np.argmax(frame.loc[rows, "shrunken"].to_numpy()[fit])]
            away = drawn[:, [chosen]] - drawn
            frame.loc[rows[chosen], "benchmark"] = True
            frame.loc[rows, "distance"] = frame.loc[rows[chosen], "shrunken"] - frame.loc[rows, "shrunken"]
            frame.loc[rows, ["distance_low", "distance_high"]] = np.quantile(away, asked.tails, axis=0).T
    return frame


def among_best(best: Array, level: float) -> Array:
    """(k,) True for the fewest stores whose probabilities of being the best add up to ``level``.

    >>> among_best(np.array([0.1, 0.7, 0.2]), 0.85).tolist()
    [False, True, True]
    """
    order = np.argsort(-best, kind="stable")
    before = np.cumsum(best[order]) - best[order]
    out = np.zeros(len(best), dtype=bool)
    out[order] = before < level - 1e-12
    return out


def _tiers(frame: pd.DataFrame, within: str) -> pd.DataFrame:
    """One row a tier."""
    rows = []
    for tier, inside in frame.groupby(within, sort=True):
        chosen = inside[inside["benchmark"]]
        one = chosen.iloc[0] if len(chosen) else None
        k = int(inside["among_best"].sum())
        rows.append({
            within: tier, "stores": len(inside), "fit": int((inside["fit"] == "").sum()),
            "benchmark": None if one is None else one["store"],
            **{name: np.nan if one is None else one[name] for name in ("score", "shrunken", "best")},
            "candidates": k, "told_apart": one is not None and len(inside) > 1 and k == 1 and bool(one["among_best"]),
        })  # fmt: skip
    return pd.DataFrame(rows)
