"""How do we stand beside competitors? Their stores and ours, inspected with the same checklist, tier by tier.

A difference between companies means something only if both were inspected with the same instrument, in stores of the
same tier, in the same way. Where that is not so, the comparison is refused, and the reason is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    ADJUSTMENTS,
    NUMBER_COLUMNS,
    REASONS,
    Adjust,
    Interval,
    Spread,
    Student,
    Taylor,
    Term,
    adjust_p,
    choose_interval,
    independent,
    left_to_chance,
    t_interval,
    t_pvalue,
)
from servqual.moments import Moments
from servqual.mystery.blocks import score_points
from servqual.mystery.checklist import Checklist, same_instrument
from servqual.mystery.effects import BY_SIDES, SIDE_ALIKE, only_yes_or_no, with_inspectors, worth
from servqual.mystery.effects import Side as Seeing
from servqual.mystery.inspectors import Inspectors, Seen, inspectors_remark
from servqual.mystery.points import PointPlan
from servqual.mystery.scores import (
    NEVER_POOLED,
    SCORE_COLUMNS,
    Exposed,
    Groups,
    Measured,
    Of,
    labels_of,
    measures_of,
    selection_remark,
)
from servqual.mystery.visits import Visits
from servqual.proportions import contrast_interval
from servqual.shares import mean_term
from servqual.stores import (
    group_of_stores,
)
from servqual.tabulation import IntervalTable, check_split
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Language, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Compared = Literal["total", "category", "indicator", "module"]
Mix = Literal["own", "equal"]
Label = tuple[Any, ...]

OWN = "own"  # what our visits are called where no column says so
COMPANY: Text = {"en": "company", "zh": "公司"}
_OWN_WORDS: Text = {"en": "own", "zh": "本公司"}
COMPARED_REASONS: Mapping[str, Text] = {
    **REASONS,
    "not compared": {
        "en": "judged on both sides in no tier alike",
        "zh": "没有任何同等级门店在双方均被判定",
    },
    "one store": {
        "en": "one store in a tier: how its stores differ cannot be seen",
        "zh": "某一层级仅有一家门店，无法得知门店间差异",
    },
    **SIDE_ALIKE,
    "one inspector": {
        "en": "one inspector made all visits of one company: cannot be told from the company",
        "zh": "一方的访问全部由一名检查员完成，无法与公司差异区分",
    },
    "no visits": {"en": "no visits alike before and after", "zh": "前后没有可比的访问"},
}
ONE_DECIMAL = {name: replace(NUMBER_COLUMNS[name], decimals=1) for name in ("difference", "low", "high")}


# --- companies side by side --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Side:
    """Visits of one company, cell by cell: a cell is a tier, and the kinds of visits that must be alike.

    Attributes
    ----------
    name, visits : whose they are
    moments, interval : sums of the m scores, stores as clusters, and how errors are made
    labels : the cells
    mean, weight, stores : (cells, m) means, the weight of their visits, and stores judged
    code, judged : (n,) cell of each visit, and (n, m) True where it has a score
    values, row_weight : (n, m) scores and (n,) weights of the visits
    yes_no : (m,) True where every score is 0 or 100
    """

    name: str
    visits: Visits
    moments: Moments
    interval: Interval
    labels: list[Label]
    mean: Array
    weight: Array
    stores: Array
    code: Array
    judged: Array
    values: Array
    row_weight: Array | None
    yes_no: Array

    @classmethod
    def of(cls, name: str, visits: Visits, by: tuple[str, ...], values: Array, interval: Interval | None) -> Side:
        """Cells of a company's visits, whose (n, m) scores are given."""
        groups = Groups.of(visits, by)
        moments = groups.moments(values)
        mask, score = 1 + moments.map.mask_of_score, _first_score(moments) + np.arange(values.shape[1])
        sums = np.array([moments.sums(moments.in_domain(label)) for label in groups.labels])
        weight, judged = sums[:, mask], np.isfinite(values)
        mean = sums[:, score] / np.where(weight > 0, weight, np.nan)
        stores = np.array([groups.stores(judged[:, m]) for m in range(values.shape[1])]).T
        chosen = choose_interval(visits.design, interval)
        return cls(name, visits, moments, chosen, groups.labels, mean, weight, stores, groups.code, judged, values,
                   groups.weight, only_yes_or_no(values))  # fmt: skip

    def aligned(self, labels: Sequence[Label], what: str) -> Array:
        """(cells, m) one of the arrays in the order of other cells; 0 (nan for means) in those without visits."""
        own = getattr(self, what)
        out = np.full((len(labels), own.shape[1]), np.nan if what == "mean" else 0, dtype=float)
        for k, label in enumerate(labels):
            if label in self.labels:
                out[k] = own[self.labels.index(label)]
        return out

    def counted(self, labels: Sequence[Label], usable: Array) -> tuple[Array, Array]:
        """(m,) visits judged in the usable cells, and their stores, each counted once."""
        inside = self.judged & usable[[labels.index(label) for label in self.labels]][self.code]
        stores = self.visits.frame["store"]
        return inside.sum(axis=0), np.array([stores[inside[:, m]].nunique() for m in range(inside.shape[1])])

    def terms(self, labels: Sequence[Label], share: Array, sign: float = 1.0) -> list[Term]:
        """Influence of the visits on ``sign`` times the (m,) averages of cells with weights (cells, m)."""
        mask, score = 1 + self.moments.map.mask_of_score, _first_score(self.moments) + np.arange(share.shape[1])
        out = []
        for label, part in zip(labels, share, strict=True):
            if label in self.labels and part.any():
                k = self.labels.index(label)
                term = mean_term(label, self.moments.first.shape[1], mask, score, self.weight[k], self.mean[k])
                out.append(replace(term, coefficients=sign * part[:, None] * term.coefficients))
        return out

    def spread(self, terms: Sequence[Term], share: Array) -> Spread:
        """Covariance of averages over cells. Measures that rest on the same cells go together, so that each has its own df."""
        m = share.shape[1]
        covariance, df = np.zeros((m, m)), np.zeros(m)
        patterns, code = np.unique(share > 0, axis=1, return_inverse=True)
        for number in range(patterns.shape[1]):
            chosen = np.flatnonzero(code.ravel() == number)
            used = [term.selecting(chosen) for term in terms if term.coefficients[chosen].any()]
            if not used or not patterns[:, number].any():
                continue
            part = self.interval.spread(self.moments, used)
            covariance[np.ix_(chosen, chosen)] = part.covariance
            df[chosen] = part.df
        return Spread(covariance, df)

    def tiers(self, labels: Sequence[Label], share: Array) -> Tiers:
        """The average over cells with weights (cells, m), tier by tier."""
        parts: dict[str, list[Array]] = {name: [] for name in ("weight", "mean", "stores", "variance", "df", "open")}
        mean, stores = np.nan_to_num(self.aligned(labels, "mean")), self.aligned(labels, "stores")
        for tier in dict.fromkeys(label[0] for label in labels):
            inside = np.array([label[0] == tier for label in labels])[:, None]
            part = np.where(inside, share, 0.0)
            weight, spread = part.sum(axis=0), self.spread(self.terms(labels, part), part)
            drawn = any(left_to_chance(self.moments, label) for label in self.labels if label[0] == tier)
            parts["weight"].append(weight)
            parts["mean"].append(
                np.divide((part * mean).sum(axis=0), weight, out=np.zeros(len(weight)), where=weight > 0)
            )
            parts["stores"].append(np.where(part > 0, stores, 0).max(axis=0))
            parts["variance"].append(spread.se**2)
            parts["df"].append(spread.df)
            parts["open"].append((weight > 0) & drawn)
        return Tiers(**{name: np.array(each) for name, each in parts.items()})

    def seeing(self, labels: Sequence[Label], share: Array, start: int) -> Seeing:
        """What each visit does to the average over cells; visits of this company are counted from ``start``."""
        used = share[[labels.index(label) for label in self.labels]][self.code]
        weight = self.judged if self.row_weight is None else self.judged * self.row_weight[:, None]
        total = self.weight[self.code]
        part = np.divide(used * weight, total, out=np.zeros(used.shape), where=total > 0)
        influence = part * np.where(self.judged, self.values - np.nan_to_num(self.mean[self.code]), 0.0)
        return Seeing(start + np.arange(len(self.code)), influence, self.judged & (used > 0), self.yes_no)


@dataclass(frozen=True, eq=False)
class Tiers:
    """One company's average, tier by tier: the stores of each tier vary by themselves.

    Attributes
    ----------
    weight, mean, stores : (t, m) of each tier in the average
    variance, df : (t, m) of weight × mean
    open : (t, m) True where the tier counts and not all of its stores were visited
    """

    weight: Array
    mean: Array
    stores: Array
    variance: Array
    df: Array
    open: Array

    @property
    def agreeing(self) -> Array:
        """(t, m) True where all stores of a tier agree, so that nothing shows by how much they might differ."""
        return self.open & (self.variance == 0)

    @property
    def freedom(self) -> Array:
        """(m,) degrees of freedom of the sum over tiers, after Satterthwaite.

        ``V²/Σ [V_t²/(f_t + 2)] − 2`` with the tiers' variances V_t and degrees of freedom f_t: since a variance that is
        estimated has ``E V_t² = (1 + 2/f_t) (E V_t)²``, the plain formula takes too few where tiers have two or three stores.
        At most what stores that differ alike in all tiers would give, ``(Σ a_t)²/Σ (a_t²/f_t)`` with ``a = weight²/stores``: of
        a few stores that carry the weight, a small variance is no knowledge.
        """
        varies = (self.variance > 0) & (self.df > 0)
        below = np.where(varies, self.variance**2 / (self.df + 2), 0.0).sum(axis=0)
        load = np.where(varies, self.weight**2 / np.maximum(self.stores, 1), 0.0)
        least = np.where(varies, load**2 / np.where(varies, self.df, 1.0), 0.0).sum(axis=0)
        total, several = self.variance.sum(axis=0) ** 2, varies.any(axis=0)
        found = np.divide(total, below, out=np.full(below.shape, 2.0), where=several) - 2
        most = np.divide(load.sum(axis=0) ** 2, least, out=np.zeros(below.shape), where=several)
        return np.asarray(np.minimum(found, most))


def _first_score(moments: Moments) -> int:
    return 1 + len(moments.map.mask_names)


@dataclass(frozen=True, eq=False)
class Market:
    """Companies that may be compared: same checklist, cells of the same tier. Our own stands first.

    Attributes
    ----------
    checklist, measures : what all were inspected with, and the scores that are compared
    sides : one a company
    within, alike : columns of the tier, and of the kinds of visits that are never mixed
    minimum : stores that a tier needs on both sides
    mix : how tiers are averaged
    """

    checklist: Checklist
    measures: list[Measured]
    sides: tuple[Side, ...]
    within: str
    alike: tuple[str, ...]
    minimum: int
    mix: Mix | Mapping[Any, float]

    @property
    def labels(self) -> list[Label]:
        """The cells of all companies, ours first."""
        return list(dict.fromkeys(label for side in self.sides for label in side.labels))

    def usable(self, sides: Sequence[Side]) -> Array:
        """(cells, m) True where every one of these companies has enough stores."""
        return np.all([side.aligned(self.labels, "stores") >= self.minimum for side in sides], axis=0)

    def seen(self, side: Side) -> Seen | None:
        """Who saw which store of ours and of this competitor; None where inspectors are not named on both sides."""
        pair = (self.sides[0], side)
        if not all("inspector" in each.visits.frame for each in pair):
            return None
        frames = [each.visits.frame[["store", "inspector"]] for each in pair]
        store = [f"{k} {name}" for k, frame in enumerate(frames) for name in frame["store"]]
        return Seen.of(pd.concat(frames, ignore_index=True).assign(store=store))

    def lone(self, sides: Sequence[Side], share: Array) -> Array:
        """(m,) True where a cell that counts has one store on some side, so that nothing shows how its stores differ."""
        fewest = np.min([side.aligned(self.labels, "stores") for side in sides], axis=0)
        return np.asarray(((fewest < 2) & (share > 0)).any(axis=0))

    def shares(self, usable: Array) -> Array:
        """(cells, m) weights of the cells, 1 in all for every score that is compared somewhere.

        Cells of one tier stand as our own visits do; tiers as our own visits do, equally, or as asked for.
        """
        own = np.where(usable, self.sides[0].aligned(self.labels, "weight"), 0.0)
        tiers = [label[0] for label in self.labels]
        out = np.zeros_like(own)
        for tier in dict.fromkeys(tiers):
            inside = np.array([name == tier for name in tiers])
            total = own[inside].sum(axis=0)
            size = total if self.mix == "own" else np.where(total > 0, self._asked(tier, total.any()), 0.0)
            out[inside] = np.divide(own[inside], total, out=np.zeros_like(own[inside]), where=total > 0) * size
        whole = out.sum(axis=0)
        return np.divide(out, whole, out=np.zeros_like(out), where=whole > 0)

    def _asked(self, tier: Any, used: bool) -> float:
        if isinstance(self.mix, str):
            return 1.0
        if used and tier not in self.mix:
            raise SpecError(f"mix= has no weight for the {self.within} {tier!r}, which is compared. Give one for each.")
        return float(self.mix.get(tier, 0.0))


def companies(own: Visits, competitors: Visits | Sequence[Visits]) -> dict[str, Visits]:
    """Visits by company, ours first; refused where instruments differ or it is not said whose visits they are."""
    found = {_own_name(own): own}
    files = [competitors] if isinstance(competitors, Visits) else list(competitors)
    for visits in files:
        check_columns(["company"], visits.frame.columns, "the competitors' visits")
        blank = visits.frame["company"].isna()
        if blank.any():
            raise DataError(f"{int(blank.sum())} of the competitors' visits name no company. Name one in every row.",
                            visits.frame.loc[blank, ["visit", "store"]].assign(problem="no company"))  # fmt: skip
        for name in dict.fromkeys(visits.frame["company"]):
            some = visits.chosen((visits.frame["company"] == name).to_numpy())
            if name == next(iter(found)):
                raise SpecError(
                    f"{name!r} is among the competitors, and our own visits are called so, too. Name them apart."
                )
            _refuse_instruments(own, some, name)
            found[name] = found[name].joined_with(some) if name in found else some
    if len(found) == 1:
        raise SpecError("there are no visits of competitors to compare with.")
    return found


def _own_name(own: Visits) -> str:
    named: list[Any] = list(own.frame["company"].dropna().unique()) if "company" in own.frame else []
    if len(named) > 1:
        listed = ", ".join(map(str, named[:5]))
        raise SpecError(
            f"our own visits are of several companies ({listed}). Choose one: own.chosen(own.frame['company'] == …)."
        )
    return str(named[0]) if len(named) else OWN


def _refuse_instruments(own: Visits, other: Visits, name: str) -> None:
    reasons = same_instrument(own.checklist, other.checklist)
    if reasons:
        told = "; ".join(say(reason, "en") for reason in reasons)
        raise SpecError(
            f"{name!r} was not inspected with the same instrument, so scores can't be compared: {told}. "
            "Score both with one checklist, or report them apart."
        )


def kinds_alike(found: Mapping[str, Visits], within: str, alike: tuple[str, ...]) -> tuple[str, ...]:
    """The kinds that are there, after refusing companies that don't say their stores' tiers or the kinds of their visits."""
    for name, visits in found.items():
        if within not in visits.frame:
            raise SpecError(
                f"visits of {name!r} have no column {within!r}: only stores of the same {within} are compared. Join it with "
                "read_visits(…, stores=…), or name another column in within=."
            )
    kept = []
    for column in alike:
        has = [name for name, visits in found.items() if column in visits.frame]
        lacking = [name for name in found if name not in has]
        if has and lacking:
            raise SpecError(
                f"visits of {', '.join(map(repr, lacking))} do not say their {column}, those of {has[0]!r} do. Add the column, or "
                f"leave {column!r} out of alike= to pool what may differ."
            )
        kept += [column] if has else []
    return tuple(kept)


def _values(visits: Visits, measures: Sequence[Measured], of: Of) -> Array:
    """(n, m) scores of every visit under the checklist's own weights, in the order of our own checklist's scores."""
    points = score_points(PointPlan.of(visits.checklist), visits.answers)
    own = {(each.part, each.id): each for each in measures_of(visits.checklist)}
    return np.column_stack([own[each.part, each.id].read(getattr(points, of)) for each in measures])


def _stratified(visits: Visits, within: str) -> Visits:
    """Tiers are compared one by one, so stores vary within them; a declared design stays as it is."""
    group_of_stores(visits.frame, "store", within, list(visits.frame["store"].unique()), visits.source.name)
    if visits.design.strata or not visits.design.clusters:
        return visits
    return replace(visits, design=replace(visits.design, strata=within))


def side_of(name: str, visits: Visits, within: str, alike: tuple[str, ...], measures: Sequence[Measured], of: Of,
          interval: Interval | None, exposed: Exposed, extra: tuple[str, ...] = ()) -> Side:  # fmt: skip
    """One company's cells; visits that were discovered, or don't say their tier and kind, are out."""
    used = visits.frame[[within, *alike]].notna().all(axis=1).to_numpy() & (
        True if exposed == "in" else ~visits.exposed
    )
    if not used.any():
        raise DataError(
            f"no visit of {name!r} is left: each was discovered, or does not say its {' or '.join((within, *alike))}."
        )
    some = _stratified(visits.chosen(used), within)
    return Side.of(name, some, (within, *alike, *extra), _values(some, measures, of), interval)


# --- the comparison ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class CompetitorComparison(IntervalTable):
    """Own less competitor: one row per competitor and score.

    Frame columns: ``company`` (the competitor), ``part, id, label``; ``own, competitor`` (averages over the same tiers
    with the same weights), ``difference, se, low, high, df, p, p_adjusted``; ``n`` (visits of both), ``n_own,
    n_competitor``, ``stores_own, stores_competitor`` in the cells compared; ``cells`` (tiers, by kind of visit);
    ``reason``.

    Attributes
    ----------
    market : the companies and their cells
    adjust : correction over all rows
    cells : DataFrame, every difference cell by cell: ``company``, the tier (and kinds), ``part, id, label, own,
        competitor, difference, se, low, high, df, n_own, n_competitor, stores_own, stores_competitor, weight`` in the average (0 if
        left out) and ``used``
    """

    market: Market = None  # type: ignore[assignment]
    adjust: Adjust = "holm"
    of: Of = "final"
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def company(self) -> Column:
        """How companies are shown."""
        return company_column(self.market.sides[0].name, self.market.sides[0].visits)

    def title(self) -> str:
        own = self.company.show(self.market.sides[0].name, self.language)
        return f"与竞争对手的得分差异：{own} − 对手" if self.language == "zh" else (
            f"Differences of scores: {own} less competitor")  # fmt: skip

    def columns(self) -> tuple[Column, ...]:
        number = replace(NUMBER_COLUMNS["score"], name="own", label={"en": "own", "zh": "本公司"})
        return (
            replace(self.company, label={"en": "competitor", "zh": "竞争对手"}),
            SCORE_COLUMNS["part"],
            SCORE_COLUMNS["label"],
            number,
            replace(number, name="competitor", label={"en": "theirs", "zh": "对手"}),
            *ONE_DECIMAL.values(),
            Column("n_own", {"en": "own visits", "zh": "本公司访问数"}, "count"),
            Column("n_competitor", {"en": "their visits", "zh": "对手访问数"}, "count"),
            *(NUMBER_COLUMNS[name] for name in ("df", "p", "p_adjusted")),
            *self.reasons(COMPARED_REASONS),
        )

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return say(BY_SIDES, self.language) if isinstance(self.interval, Taylor) else super().method

    def about(self) -> tuple[Text, ...]:
        adjusted = ADJUSTMENTS[self.adjust]
        return (
            {"en": "positive: own stores score higher; the checklist's own weights on both sides, not those of weight rules",
             "zh": "正值表示本公司得分较高；双方均采用检查表自身权重，不用权重规则"},
            {"en": f"p adjusted over the table: {adjusted['en']}; intervals each by itself",
             "zh": f"p 值校正（全表）：{adjusted['zh']}；区间逐行计算"},
        )  # fmt: skip

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        told = labelled(self.frame, self.market.checklist, language)
        cells = self.cells.assign(label=labelled(self.cells, self.market.checklist, language))
        return replace(self, language=language, frame=self.frame.assign(label=told), cells=cells)

    def row(self, company: str, name: str = "total", part: Compared | None = None) -> pd.Series:
        """The numbers of one difference."""
        frame = self.frame
        hit = frame[(frame["company"] == company) & (frame["id"] == name)]
        hit = hit if part is None else hit[hit["part"] == part]
        if hit.empty:
            known = ", ".join(map(str, frame["company"].unique()))
            listed = ", ".join(frame["id"].unique())
            raise SpecError(
                f"there is no difference of {name!r} from {company!r}. Companies: {known}. Scores: {listed}."
            )
        return hit.iloc[0]

    def sentence(self, company: str | None = None, name: str = "total", part: Compared | None = None) -> str:
        """One difference in words; a single competitor need not be named."""
        if company is None:
            company = self._only_company()
        row, zh = self.row(company, name, part), self.language == "zh"
        a, b = (self.company.show(each, self.language) for each in (self.market.sides[0].name, company))
        if not np.isfinite(row["difference"]):
            return self.nothing(
                f"{row['label']}: {a} − {b}", "difference", say(COMPARED_REASONS[row["reason"]], self.language)
            )
        value, low, high = (ONE_DECIMAL[each].show(row[each], self.language) for each in ("difference", "low", "high"))
        shown = NUMBER_COLUMNS["p_adjusted"].show(row["p_adjusted"], self.language)
        p, percent = (f"p < {shown[1:]}" if shown.startswith("<") else f"p = {shown}"), f"{100 * self.level:g}%"
        if np.isfinite(row["low"]):
            error = (
                f"{percent} 置信区间 {low} 至 {high}，校正后 {p}"
                if zh
                else f"{percent} CI {low} to {high}, adjusted {p}"
            )
        else:
            error = say(COMPARED_REASONS[row["reason"]], self.language)
        if zh:
            return f"{row['label']}：{spaced(f'{a}与{b}相差')} {value} 分（{error}）。"
        return f"{row['label']}: {a} less {b} {value} points ({error})."

    def _only_company(self) -> str:
        known = list(dict.fromkeys(self.frame["company"]))
        if len(known) > 1:
            listed = ", ".join(repr(name) for name in known[:6])
            raise SpecError(f"{len(known)} competitors are compared; name one: sentence(company), from {listed}.")
        return str(known[0])

    def ranks(self, *, part: Compared | None = None) -> CompanyRanks:
        """:func:`rank_companies` of the same companies: where each may stand."""
        return rank_companies(self, part=part)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest of the differences, under the heading of each score or category."""
        from servqual.plots.benchmark import draw_competitors

        return draw_competitors(self, ax)


def compare_competitors(
    own: Visits,
    competitors: Visits | Sequence[Visits],
    *,
    parts: Sequence[Compared] = ("total", "indicator"),
    within: str = "tier",
    alike: Sequence[str] = ("mode",),
    mix: Mix | Mapping[Any, float] = "own",
    minimum: int = 2,
    of: Of = "final",
    exposed: Exposed = "out",
    level: float = 0.95,
    adjust: Adjust = "holm",
    interval: Interval | None = None,
    inspectors: Inspectors = "these",
) -> CompetitorComparison:
    """Own less competitor for every score, between stores of the same tier inspected with the same checklist.

    Parameters
    ----------
    own : visits of our own stores; a column ``company`` may name us, else we are called "own"
    competitors : visits of competitors' stores, with a column ``company``; one file or several
    parts : which scores: "total", "category", "indicator", "module"
    within : column of the tier; it must be there on both sides
    alike : columns whose kinds of visits are never mixed: an announced visit is held against announced ones only, and
        has no counterpart where competitors were visited covertly. Add "scenario" to keep enquiries and purchases apart
    mix : {"own", "equal"} or tier -> weight
        How the differences within tiers are averaged: as our own visits are spread over tiers, all tiers equally, or as
        given. The weights of a score are those of the visits in which it was judged
    minimum : stores that a tier must have on both sides; else it is left out, which the note says
    of, exposed, level, interval : as in :func:`servqual.mystery.scores.score_visits`
    adjust : correction of p over all rows
    inspectors : {"these", "any"}
        Whom errors speak of, as in :func:`servqual.mystery.scores.score_visits`. Where competitors are seen by other people than
        we are, their severity is in the difference: the note says how much larger the error then is

    Returns
    -------
    CompetitorComparison
        ``cells`` has the differences tier by tier.

    Raises
    ------
    SpecError
        If a competitor was inspected with another checklist, version, structure or weights; if tiers or kinds of visits
        are not stated on both sides; if no tier has enough stores on both.
    DataError
        If a visit of a competitor names no company, or a store lies in two tiers.

    Notes
    -----
    With cells c (tier, and kind of visit) the difference is ``sum_c W_c (own_c − theirs_c)``, the weights W the same on
    both sides and taken as fixed: direct standardisation. So a competitor with more flagship stores does not look
    better for that. Stores are the clusters and tiers the strata on each side; companies are independent, since no
    store belongs to two. The variances of tiers and of the two sides add up, their degrees of freedom after Satterthwaite,
    which for one tier and one visit a store is Welch's test. Where all stores of a tier agree on one side, its error is not known:
    scores of yes and no then have Newcombe's interval, joined from Wilson's of every tier and side, with each such store counted
    as one answer; other scores have none, and ``reason`` says so. Cells without visits, or with fewer stores than ``minimum``, on
    either side are left out.

    How to read it: a difference is one of visits made, not of causes. Look at the note for what is pooled (scenario,
    agency) and for months that do not overlap.

    References
    ----------
    Lumley (2010), Complex Surveys, Wiley, doi:10.1002/9780470580066. Welch (1947), Biometrika 34, 28-35,
    doi:10.1093/biomet/34.1-2.28. Satterthwaite (1946), Biometrics Bulletin 2, 110-114, doi:10.2307/3002019. Checked
    against scipy's Welch test, R's ``survey`` and a simulated market (tests/test_benchmark.py).

    Examples
    --------
    >>> from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
    >>> from servqual.mystery.visits import read_visits
    >>> checklist = Checklist(
    ...     "shop", "1", {"en": "Shop"}, (Category("look", {"en": "Look"}, 1.0),),
    ...     (Indicator("clean", {"en": "Clean"}, "look", 1.0),),
    ...     (ChecklistItem("floor", {"en": "Floor clean"}, "clean"), ChecklistItem("desk", {"en": "Desk tidy"}, "clean")),
    ...     languages=("en",))
    >>> table = pd.DataFrame({"store": [*"ABCD"], "tier": "core", "floor": [1, 1, 1, 0], "desk": [1, 1, 0, 1]})
    >>> theirs = table.assign(company="Rival", floor=[0, 1, 0, 0], desk=[1, 0, 0, 0])
    >>> table = compare_competitors(read_visits(table, checklist), read_visits(theirs, checklist), parts=["total"])
    >>> table.sentence("Rival")
    'Total score: own less Rival +50.0 points (95% CI 0.1 to 99.9, adjusted p = .050).'
    """  # fmt: skip
    check_between("level", level, 0, 1)
    for name, value, choices in (("adjust", adjust, Adjust), ("of", of, Of), ("exposed", exposed, Exposed),
                                 ("inspectors", inspectors, Inspectors)):  # fmt: skip
        check_choice(name, value, choices)
    market, dropped = _market(own, competitors, tuple(parts), within, tuple(alike), mix, minimum, of, exposed, interval)
    ours, theirs = market.sides[0], market.sides[1:]
    usable = [market.usable([ours, side]) for side in theirs]
    lacking = [side.name for side, there in zip(theirs, usable, strict=True) if not there.any()]
    if lacking:
        raise SpecError(_no_tier_in_common(market, lacking))
    eyes = [market.seen(side) for side in theirs]
    if inspectors == "any" and (None in eyes or not isinstance(ours.interval, Taylor)):
        raise SpecError(
            "inspectors='any' needs visits by several inspectors, named in a column 'inspector' on both sides, and stores as "
            "clusters (Taylor())."
        )
    counted = eyes if inspectors == "any" else [None] * len(eyes)
    each = list(zip(theirs, usable, counted, strict=True))
    frames = [_differences(market, side, there, level, seen) for side, there, seen in each]
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjust_p(frame["p"].to_numpy(), adjust))
    cells = pd.concat([_by_cell(market, side, there, level, seen) for side, there, seen in each], ignore_index=True)
    return CompetitorComparison(
        frame, own.language, level=level, interval=ours.interval, market=market, adjust=adjust, of=of, cells=cells,
        remarks=_market_remarks(market, usable, dropped, inspectors),
    )  # fmt: skip


def _market(
    own: Visits, competitors: Visits | Sequence[Visits], parts: tuple[Compared, ...], within: str, alike: tuple[str, ...],
    mix: Mix | Mapping[Any, float], minimum: int, of: Of, exposed: Exposed, interval: Interval | None,
) -> tuple[Market, dict[str, int]]:  # fmt: skip
    """The companies, checked and cut into cells, and how many visits of each are out from the start."""
    for part in parts:
        check_choice("parts", part, Compared)
    if not isinstance(minimum, (int, np.integer)) or isinstance(minimum, bool) or minimum < 1:
        raise SpecError(f"minimum={minimum!r} must be a whole number of stores of 1 or more.")
    _check_mix(mix)
    check_split((within, *alike), sorted(_TAKEN))
    found = companies(own, competitors)
    alike = kinds_alike(found, within, alike)
    measures = [each for each in measures_of(own.checklist) if each.part in parts]
    if not measures:
        raise SpecError(f"the checklist has no {' or '.join(parts) or 'score'} to compare. Choose other parts.")
    sides = tuple(
        side_of(name, visits, within, alike, measures, of, interval, exposed) for name, visits in found.items()
    )
    dropped = {side.name: found[side.name].n - side.visits.n for side in sides}
    return Market(own.checklist, measures, sides, within, alike, minimum, mix), dropped


_TAKEN = {"company", "part", "id", "label", "own", "competitor", "difference", "se", "low", "high", "df", "n", "n_own", "n_competitor",
          "stores_own", "stores_competitor", "weight", "used", "reason", "store"}  # fmt: skip


def _check_mix(mix: Any) -> None:
    if not isinstance(mix, Mapping):
        check_choice("mix", mix, Mix)
        return
    bad = [str(name) for name, weight in mix.items() if not 0 <= weight < np.inf]
    if bad or not sum(mix.values()):
        raise SpecError(f"weights of tiers must be 0 or more and not all 0{': see ' + ', '.join(bad) if bad else ''}.")


def _no_tier_in_common(market: Market, lacking: Sequence[str]) -> str:
    """Why there is nothing to compare: the tiers of each side."""
    told = []
    for side in market.sides:
        if side.name in (market.sides[0].name, *lacking):
            stores = side.stores.max(axis=1)
            cells = ", ".join(f"{' '.join(map(str, label))} {k}" for label, k in zip(side.labels, stores, strict=True))
            told.append(f"{side.name}: {cells}")
    kinds = f" visited in the same {' and '.join(market.alike)}" if market.alike else ""
    return (
        f"no {market.within} has {market.minimum} stores on both sides{kinds}, and only stores of the same {market.within} are "
        f"compared. Stores of {'; '.join(told)}. Inspect stores alike, or lower minimum=."
    )


def _differences(market: Market, side: Side, usable: Array, level: float, seen: Seen | None = None) -> pd.DataFrame:
    """Rows of one competitor."""
    ours, labels, share = market.sides[0], market.labels, market.shares(usable)
    counted = {"own": ours.counted(labels, usable), "competitor": side.counted(labels, usable)}
    counts = {f"{what}_{whose}": pair[k] for k, what in enumerate(("n", "stores")) for whose, pair in counted.items()}
    lone = market.lone((ours, side), share)
    numbers = _contrast(ours, side, labels, share, lone, level, seen)
    compared = np.asarray(share.any(axis=0))
    reason = _why(compared, lone, numbers)
    del numbers["alike"]
    labels_text = labels_of(market.checklist)
    return pd.DataFrame({
        "company": side.name,
        "part": [each.part for each in market.measures], "id": [each.id for each in market.measures],
        "label": [say(labels_text[each.part, each.id], market.checklist.language) for each in market.measures],
        **numbers, "n": counts["n_own"] + counts["n_competitor"], **counts, "cells": (share > 0).sum(axis=0),
        "reason": reason,
    })  # fmt: skip


def _contrast(
    ours: Side, side: Side, labels: Sequence[Label], share: Array, lone: Array, level: float, seen: Seen | None = None
) -> dict[str, Array]:
    """Averages of both sides over the same cells, and their difference with its error."""
    pair, there = (ours, side), share.any(axis=0)
    first, second = (
        np.where(there, (share * np.nan_to_num(each.aligned(labels, "mean"))).sum(axis=0), np.nan) for each in pair
    )
    spreads, tiers = zip(*(_averaged(each, labels, share) for each in pair), strict=True)
    both = independent(spreads)
    variance, df, people = both.se**2, both.df, np.full(share.shape[1], 2)
    if seen is not None:
        sides = ours.seeing(labels, share, 0), side.seeing(labels, share, ours.visits.n)
        variance, df, people = with_inspectors(*sides, seen, variance, df)
    alike = np.any([each.agreeing.any(axis=0) for each in tiers], axis=0)
    usable = there & ~(lone & (not isinstance(ours.interval, Student))) & (people > 1)
    known = usable & ~alike & (df > 0) & (spreads[0].df > 0) & (spreads[1].df > 0)
    difference, se, df = first - second, np.where(known, np.sqrt(variance), np.nan), np.where(known, df, np.nan)
    low, high = t_interval(difference, np.where(se > 0, se, np.nan), df, level)
    p = np.where(known, t_pvalue(np.nan_to_num(difference), np.nan_to_num(se), np.nan_to_num(df)), np.nan)
    counted = usable & alike & ours.yes_no & side.yes_no & (seen is None)
    if counted.any():
        low[counted], high[counted], p[counted] = _of_shares(pair, tiers, counted, level)
    return {"own": first, "competitor": second, "difference": difference, "se": se, "low": low, "high": high, "df": df, "p": p,
            "alike": np.where(usable & alike, np.where(counted, "by stores", "alike"), np.where(people > 1, "", "one inspector"))}  # fmt: skip


def _averaged(side: Side, labels: Sequence[Label], share: Array) -> tuple[Spread, Tiers]:
    """Spread of one company's averages, their degrees of freedom from tiers one by one."""
    spread, tiers = side.spread(side.terms(labels, share), share), side.tiers(labels, share)
    varies = isinstance(side.interval, Taylor) & (tiers.variance > 0).any(axis=0)
    return replace(spread, df=np.where(varies, np.minimum(spread.df, tiers.freedom), spread.df)), tiers


def _of_shares(pair: Sequence[Side], tiers: Sequence[Tiers], chosen: Array, level: float) -> tuple[Array, Array, Array]:
    """Bounds and p of own less competitor for scores of yes and no, where stores of a tier agree on some side."""
    weight, share, size = [], [], []
    for sign, side, each in zip((1.0, -1.0), pair, tiers, strict=True):
        n, df = side.judged.sum(axis=0), np.maximum(each.freedom, 1.0)
        squared = np.where(each.weight > 0, each.weight, 1.0) ** 2
        units = np.maximum(each.stores, 1)
        weight.append(sign * each.weight[:, chosen])
        share.append(each.mean[:, chosen] / 100)
        size.append(worth(each.mean / 100, each.variance / squared / 1e4, n, df, units, level)[:, chosen])
    low, high, p = contrast_interval(*(np.concatenate(part) for part in (weight, share, size)), level=level)
    return 100 * low, 100 * high, p


def _why(compared: Array, lone: Array, numbers: Mapping[str, Array]) -> Array:
    """(m,) key of the reason why a number is missing."""
    missing = ~np.isfinite(numbers["se"])
    return np.select(
        [~compared, missing & lone, numbers["alike"] != "", missing, numbers["se"] == 0],
        ["not compared", "one store", numbers["alike"], "no df", "no variation"],
        "",
    )


def _by_cell(market: Market, side: Side, usable: Array, level: float, seen: Seen | None) -> pd.DataFrame:
    """The differences of one competitor in every cell that either side has."""
    weights, frames = market.shares(usable), []
    ours, labels = market.sides[0], market.labels
    for k, label in enumerate(labels):
        alone = np.zeros_like(weights)
        alone[k] = np.minimum(ours.aligned(labels, "stores")[k], side.aligned(labels, "stores")[k]) > 0
        rows = _differences(market, side, alone > 0, level, seen).drop(columns=["p", "cells"])
        columns = dict(zip((market.within, *market.alike), label, strict=True))
        rows = rows.assign(weight=weights[k], used=weights[k] > 0)
        for place, (name, value) in enumerate(columns.items()):
            rows.insert(1 + place, name, value)
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)


def labelled(frame: pd.DataFrame, checklist: Checklist, language: Language) -> list[str]:
    labels = labels_of(checklist)
    return [say(labels[part, name], language) for part, name in zip(frame["part"], frame["id"], strict=True)]


def company_column(own: str, visits: Visits) -> Column:
    """How companies are shown; our own is called so where no column names it."""
    known = visits.column_of("company")
    return Column("company", COMPANY, "text", {**known.words, **({OWN: _OWN_WORDS} if own == OWN else {})})


# --- what must be said -------------------------------------------------------------------------------------


def _market_remarks(
    market: Market, usable: Sequence[Array], dropped: Mapping[str, int], inspectors: Inspectors
) -> tuple[Text, ...]:
    """Who was compared where, what was left out, what was pooled, and when the visits were made."""
    column = company_column(market.sides[0].name, market.sides[0].visits)
    selected = [remark for side in market.sides for remark in selection_remark(side.visits)]
    return (
        _who(market, usable, column),
        *(_where(market, side, there, column) for side, there in zip(market.sides[1:], usable, strict=True)),
        *_out(market, dropped, column),
        *_pooled(market, column),
        *_when(market, column),
        *_eyes(market, usable, inspectors),
        *selected[:1],
    )


def _eyes(market: Market, usable: Sequence[Array], inspectors: Inspectors) -> tuple[Text, ...]:
    """Whose scores errors are about, with the error of the total either way where inspectors matter most."""
    frames = [side.visits.frame for side in market.sides]
    if not all("inspector" in frame for frame in frames):
        return ()
    seen = Seen.of(pd.concat([frame[["store", "inspector"]] for frame in frames]))
    if seen is None:
        return ()
    of_sides = [Seen.of(frame) for frame in frames]
    few = [each.few() for each in of_sides if each is not None and np.isfinite(each.few())]
    told = inspectors_remark(seen, inspectors == "any", *_errors_of_total(market, usable), few=min(few, default=np.nan))
    return (told, COMPARED_REASONS["one inspector"]) if None in of_sides else (told,)


def _errors_of_total(market: Market, usable: Sequence[Array]) -> tuple[float, float]:
    """Standard error of the total's difference from stores alone and with inspectors, where the latter add most; 0 where
    there is no total, or one inspector on a side, so that it is not known."""
    found = [(0.0, 0.0)]
    for side, there in zip(market.sides[1:], usable, strict=True):
        seen, share, labels, ours = market.seen(side), market.shares(there), market.labels, market.sides[0]
        if seen is None or market.measures[0].part != "total" or not isinstance(ours.interval, Taylor):
            continue
        spread = independent([each.spread(each.terms(labels, share), share) for each in (ours, side)])
        sides = ours.seeing(labels, share, 0), side.seeing(labels, share, ours.visits.n)
        whole, _, people = with_inspectors(*sides, seen, spread.se**2, spread.df)
        if people[0] > 1:
            found.append((float(spread.se[0]), float(whole[0]) ** 0.5))
    return max(found, key=lambda pair: pair[1] / pair[0] if pair[0] else 0.0)


def _who(market: Market, usable: Sequence[Array], column: Column) -> Text:
    """Visits and stores in what was compared with anybody, and how many more have no counterpart."""
    told: dict[str, list[str]] = {"en": [], "zh": []}
    for side, cells in zip(market.sides, [np.any(usable, axis=0), *usable], strict=True):
        inside = cells.any(axis=1)[[market.labels.index(label) for label in side.labels]][side.code]
        n, k, rest = int(inside.sum()), side.visits.frame.loc[inside, "store"].nunique(), int((~inside).sum())
        en, zh = f"{column.show(side.name, 'en')} {n:,} visit{'s' * (n != 1)} to {k:,} store{'s' * (k != 1)}", (
            f"{column.show(side.name, 'zh')} {n:,} 次访问、{k:,} 家门店")  # fmt: skip
        told["en"].append(en + (f" ({rest:,} more without counterpart)" if rest else ""))
        told["zh"].append(zh + (f"（另有 {rest:,} 次无可比对象）" if rest else ""))
    return {"en": ", ".join(told["en"]), "zh": "；".join(told["zh"])}


def _where(market: Market, side: Side, usable: Array, column: Column) -> Text:
    """The cells that were compared with their weights, and those that were not."""
    shares, there = market.shares(usable), usable.any(axis=1)
    widest = int(np.argmax(usable.sum(axis=0)))
    out = {}
    for language, (glue, colon, left) in {
        "en": (", ", " compared within {within}: ", "; not compared, with fewer than {k} stores on a side: "),
        "zh": ("、", "的比较在同一{within}内进行：", "；因一方门店不足 {k} 家而未比较："),
    }.items():
        names = [_cell(market, label, language) for label in market.labels]
        used = glue.join(f"{names[c]} {100 * shares[c, widest]:.0f}%" for c in np.flatnonzero(there))
        rest = glue.join(names[c] for c in np.flatnonzero(~there))
        heading = market.sides[0].visits.column_of(market.within).heading(language)
        said = column.show(side.name, language) + colon.replace("{within}", heading)
        said = (spaced(said) if language == "zh" else said) + used
        out[language] = said + (left.replace("{k}", str(market.minimum)) + rest if rest else "")
    return out


def _cell(market: Market, label: Label, language: str) -> str:
    """A cell in words."""
    visits = market.sides[0].visits
    named = [
        visits.column_of(name).show(value, language)
        for name, value in zip((market.within, *market.alike), label, strict=True)
    ]
    return " ".join(named) if language == "en" else "·".join(named)


def _out(market: Market, dropped: Mapping[str, int], column: Column) -> list[Text]:
    """Visits that were discovered or don't say their tier and kind."""
    lost = {name: n for name, n in dropped.items() if n}
    if not lost:
        return []
    told = {language: glue.join(f"{column.show(name, language)} {n:,}" for name, n in lost.items())
            for language, glue in (("en", ", "), ("zh", "、"))}  # fmt: skip
    headings = [market.sides[0].visits.column_of(name) for name in (market.within, *market.alike)]
    en, zh = (
        glue.join(each.heading(language) for each in headings) for language, glue in (("en", " or "), ("zh", "或"))
    )
    return [{"en": f"visits left out, discovered or without {en}: {told['en']}",
             "zh": f"未计入的访问（被识破或未注明{zh}）：{told['zh']}"}]  # fmt: skip


def _pooled(market: Market, column: Column) -> list[Text]:
    """Kinds of visits that are pooled, with the visits of each company."""
    remarks: list[Text] = []
    for name in (each for each in NEVER_POOLED if each not in (*market.alike, "company")):
        counts = {side.name: side.visits.frame[name].value_counts(dropna=False) if name in side.visits.frame else None
                  for side in market.sides}  # fmt: skip
        kinds = {str(kind) for each in counts.values() for kind in (["–"] if each is None else each.index)}
        if len(kinds) < 2:
            continue
        heading, told = market.sides[0].visits.column_of(name), {}
        for language, (glue, semicolon, unknown) in {
            "en": (", ", "; ", "not stated"),
            "zh": ("、", "；", "未注明"),
        }.items():
            told[language] = semicolon.join(
                f"{column.show(company, language)} "
                + (unknown if each is None else glue.join(
                    f"{heading.show(kind, language) or unknown} {n:,}" for kind, n in each.head(6).items()))
                for company, each in counts.items())  # fmt: skip
        remarks.append({
            "en": f"pooled over {heading.heading('en')} ({told['en']}): part of a difference may be theirs; name it in alike= to "
            "keep them apart",
            "zh": f"合并了不同的{heading.heading('zh')}（{told['zh']}），差异可能部分来自于此；可在 alike= 中注明以分开比较",
        })  # fmt: skip
    return remarks


def _when(market: Market, column: Column) -> list[Text]:
    """Months in which one company was visited and we were not."""
    spans = {}
    for side in market.sides:
        if "date" in side.visits.frame and side.visits.frame["date"].notna().any():
            dates = side.visits.frame["date"]
            spans[side.name] = (dates.min(), dates.max())
    own = spans.get(market.sides[0].name)
    apart = [name for name, (first, last) in spans.items() if own and (last < own[0] or first > own[1])]
    if not apart:
        return []
    names = {
        language: glue.join(column.show(name, language) for name in apart)
        for language, glue in (("en", ", "), ("zh", "、"))
    }
    return [{"en": f"{names['en']} and own stores were visited at different times: what changed between them is in the difference",
             "zh": f"{names['zh']}与本公司的访问时间没有重叠，期间的变化也包含在差异之中"}]  # fmt: skip


# --- ranks of companies ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class CompanyRanks(IntervalTable):
    """Where each company may stand: one row per score and company, the best first.

    Frame columns: ``company, part, id, label``; ``score`` (average over the tiers that all companies have), ``se, low,
    high, df, n, stores``; ``rank`` (1 = highest score), ``rank_low, rank_high`` (ranks that the visits leave open);
    ``reason``.
    """

    market: Market = None  # type: ignore[assignment]

    @property
    def company(self) -> Column:
        """How companies are shown."""
        return company_column(self.market.sides[0].name, self.market.sides[0].visits)

    def title(self) -> str:
        return "各公司的名次" if self.language == "zh" else "Ranks of companies"

    def columns(self) -> tuple[Column, ...]:
        return (
            SCORE_COLUMNS["label"],
            self.company,
            NUMBER_COLUMNS["score"],
            *(ONE_DECIMAL[name] for name in ("low", "high")),
            SCORE_COLUMNS["n"],
            SCORE_COLUMNS["stores"],
            Column("rank", {"en": "rank", "zh": "名次"}, "count"),
            Column("rank_low", {"en": "rank from", "zh": "名次自"}, "count"),
            Column("rank_high", {"en": "rank to", "zh": "名次至"}, "count"),
            *self.reasons(COMPARED_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        percent = f"{100 * self.level:g}%"
        return ({"en": f"ranks from … to: with {percent} confidence all companies' ranks lie within them, for each score",
                 "zh": f"名次区间：就每项得分而言，所有公司的名次同时落在其区间内的置信度为 {percent}"},)  # fmt: skip

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        return replace(
            self,
            language=language,
            frame=self.frame.assign(label=labelled(self.frame, self.market.checklist, language)),
        )

    def sentence(self, name: str = "total") -> str:
        """Who may stand where, in words."""
        rows, zh = self.frame[self.frame["id"] == name], self.language == "zh"
        if rows.empty:
            raise SpecError(f"there are no ranks of {name!r}. Scores: {', '.join(self.frame['id'].unique())}.")
        label, k = rows["label"].iloc[0], len(rows)
        if not np.isfinite(rows["rank_low"]).all():
            return self.nothing(label, "rank", say(COMPARED_REASONS[rows["reason"].iloc[0]], self.language))
        told = []
        for row in rows.to_dict("records"):
            low, high = int(row["rank_low"]), int(row["rank_high"])
            span = f"{low}" if low == high else f"{low}–{high}"
            told.append(f"{self.company.show(row['company'], self.language)} {span}")
        if zh:
            return f"{label}：{k} 家公司的名次（{100 * self.level:g}% 置信）：{'；'.join(told)}。"
        return f"{label}: ranks of {k} companies ({100 * self.level:g}% confidence): {', '.join(told)}."


def rank_companies(comparison: CompetitorComparison, *, part: Compared | None = None) -> CompanyRanks:
    """Where each company stands for every score, and the range of ranks that the visits leave open.

    Parameters
    ----------
    comparison : CompetitorComparison
    part : only these scores

    Notes
    -----
    All companies are averaged over the tiers that all of them have, with the comparison's weights. A company's rank
    reaches from one more than the companies that are surely better to all less those that are surely worse. "Surely" is
    a two-sided test of the pair at ``(1 − level)`` over the number of pairs, so all ranks of one score hold together
    with probability ``level`` at least. With three companies and wide intervals every rank is left open: then there is
    no ranking.

    References
    ----------
    Mogstad, Romano, Shaikh and Wilhelm (2024), Review of Economic Studies 91, 476-518, doi:10.1093/restud/rdad006.
    Checked by simulation (tests/test_benchmark.py).
    """
    market, level = comparison.market, comparison.level
    usable, labels = market.usable(market.sides), market.labels
    share = market.shares(usable)
    there, k = np.asarray(share.any(axis=0)), len(market.sides)
    mean = np.array(
        [
            np.where(there, (share * np.nan_to_num(side.aligned(labels, "mean"))).sum(axis=0), np.nan)
            for side in market.sides
        ]
    )
    spreads, tiers = zip(*(_averaged(side, labels, share) for side in market.sides), strict=True)
    lone = market.lone(market.sides, share)
    alike = np.array([each.agreeing.any(axis=0) for each in tiers])
    certain = (
        np.array([spread.df > 0 for spread in spreads])
        & ~(lone & (not isinstance(comparison.interval, Student)))
        & ~alike
    )
    se = np.where(certain & there, [spread.se for spread in spreads], np.nan)
    df = np.where(certain & there, [spread.df for spread in spreads], np.nan)
    low, high = t_interval(mean, np.where(se > 0, se, np.nan), df, level)
    above = _surely_above(mean, spreads, 1 - level)
    counts = [side.counted(labels, usable) for side in market.sides]
    known, frames = certain.all(axis=0) & there, []
    for m, each in enumerate(market.measures):
        if part is not None and each.part != part:
            continue
        rows = pd.DataFrame({
            "company": [side.name for side in market.sides], "part": each.part, "id": each.id, "score": mean[:, m],
            "se": se[:, m], "low": low[:, m], "high": high[:, m], "df": df[:, m], "n": [n[m] for n, _ in counts],
            "stores": [stores[m] for _, stores in counts],
            "rank": pd.Series(mean[:, m]).rank(ascending=False, method="min"),
            "rank_low": np.where(known[m], 1 + above[:, :, m].sum(axis=0), np.nan),
            "rank_high": np.where(known[m], k - above[:, :, m].sum(axis=1), np.nan),
            "reason": "" if known[m] else _why(there[[m]], lone[[m]], {
                "se": np.array([np.nan]), "alike": np.where(alike[:, m].any(keepdims=True), "alike", "")})[0],
        })  # fmt: skip
        frames.append(rows.sort_values("rank", kind="stable"))
    if not frames:
        raise SpecError(f"no score of part={part!r} was compared.")
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(3, "label", labelled(frame, market.checklist, comparison.language))
    return CompanyRanks(
        frame, comparison.language, level=level, interval=comparison.interval, market=market,
        remarks=(comparison.remarks[0], _shared(market, usable)),
    )  # fmt: skip


def _shared(market: Market, usable: Array) -> Text:
    """The cells that all companies have."""
    out, there = {}, np.flatnonzero(usable.any(axis=1))
    heading = market.sides[0].visits.column_of(market.within)
    for language, glue in (("en", ", "), ("zh", "、")):
        named = glue.join(_cell(market, market.labels[c], language) for c in there)
        head = f"over what all companies have, by {heading.heading('en')}: " if language == "en" else (
            f"按各公司共有的{heading.heading('zh')}平均：")  # fmt: skip
        out[language] = head + (named or ("none" if language == "en" else "无"))
    return out


def _surely_above(mean: Array, spreads: Sequence[Spread], alpha: float) -> Array:
    """(k, k, m) True where the first company is surely above the second, over all pairs together."""
    k = len(spreads)
    out, pairs = np.zeros((k, k, mean.shape[1]), dtype=bool), k * (k - 1) / 2
    for a, b in combinations(range(k), 2):
        both, difference = independent([spreads[a], spreads[b]]), mean[a] - mean[b]
        p = t_pvalue(np.nan_to_num(difference), both.se, both.df)
        sure = np.nan_to_num(p, nan=1.0) * pairs < alpha
        out[a, b], out[b, a] = sure & (difference > 0), sure & (difference < 0)
    return out
