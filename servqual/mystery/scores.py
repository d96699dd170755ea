"""What did the stores deliver? Scores of visits by store, tier or chain, with honest errors, before and after vetoes.

Means over visits are means of a sample: stores were chosen, visits fell within them. They come from the same moments as
every other number of the package, with stores as clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import NUMBER_COLUMNS, Interval, Student, Taylor, choose_interval, t_interval
from servqual.moments import NOT_STATED, Cells, Moments, ScoreMap, margin_rows, row_weights
from servqual.mystery.blocks import score_points
from servqual.mystery.checklist import Checklist
from servqual.mystery.inspectors import Inspectors, Seen, inspectors_remark, lines_with_inspectors
from servqual.mystery.points import MISSING, Level, PointPlan, Scores, VisitPoints
from servqual.mystery.visits import VisitLedger, Visits, check_visits
from servqual.proportions import SHARE_REASONS
from servqual.shares import MeanLine, share_bounds
from servqual.tabulation import Estimates, check_split, narrow_remarks_of, split_columns
from survey_design.errors import SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Language, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.mystery.effects import VisitDifferences
    from servqual.mystery.standings import StoreStandings
    from servqual.mystery.tables import Compliance, Coverage, ScenarioBalance, VetoLog

Array = NDArray[Any]
Of = Literal["final", "raw"]
Part = Literal["total", "category", "indicator", "module", "item"]
Exposed = Literal["out", "in"]

PARTS: Mapping[str, Text] = {
    "total": {"en": "total", "zh": "总分"},
    "category": {"en": "category", "zh": "类别"},
    "indicator": {"en": "indicator", "zh": "指标"},
    "module": {"en": "module, apart", "zh": "模块（单独计分）"},
    "item": {"en": "item", "zh": "检查项"},
}
TOTAL: Text = {"en": "Total score", "zh": "总分"}
VISITS: Text = {"en": "visits", "zh": "各次访问"}
NEVER_POOLED = ("mode", "scenario", "agency", "company")  # in silence
_ROOM = 8_000_000  # numbers of one set of moments

SCORE_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("part", {"en": "part", "zh": "层级"}, "text", PARTS),
        Column("label", {"en": "what", "zh": "名称"}),
        Column("n", {"en": "visits", "zh": "访问数"}, "count"),
        Column("stores", {"en": "stores", "zh": "门店数"}, "count"),
        Column("n_na", {"en": "not applicable", "zh": "不适用"}, "count"),
        Column("n_missing", {"en": "left blank", "zh": "未作答"}, "count"),
        Column("coverage", {"en": "coverage", "zh": "覆盖率"}, "share"),
        Column("raw", {"en": "before vetoes", "zh": "否决前"}, "number", decimals=1),
        Column("final", {"en": "after vetoes", "zh": "否决后"}, "number", decimals=1),
        Column("lost", {"en": "lost by vetoes", "zh": "否决扣分"}, "number", decimals=1),
    )
}
VISIT_REASONS: Mapping[str, Text] = {
    **SHARE_REASONS,
    "nobody": {"en": "no visit in which it was judged", "zh": "没有作出判定的访问"},
    "one answer": {"en": "one visit: no error can be computed", "zh": "仅一次访问，无法计算误差"},
    "no df": {
        "en": "no degrees of freedom: one store per stratum, or one inspector",
        "zh": "自由度为零：每层仅一家门店，或仅一名检查员",
    },
    "one df": {
        "en": "one degree of freedom (two stores, two visits to one store, or two inspectors): an interval would say nothing",
        "zh": "自由度仅为 1（两家门店、一家门店的两次访问或两名检查员），区间没有意义",
    },
    "one cluster": {
        "en": "one store: its visits are the units, other stores are not spoken for",
        "zh": "仅一家门店：以访问为单位，不能推论到其他门店",
    },
    "alike": {
        "en": "all visits alike: how stores resemble each other cannot be seen; counted by visits and weights",
        "zh": "各次访问结果相同：无法看出店内相似程度，仅按访问数与权数计算",
    },
    "clusters alike": {
        "en": "stores alike by chance: how they differ cannot be seen, so no error can be computed",
        "zh": "各门店结果恰好相同：无法看出店间差异，无法计算误差",
    },
    "no error": {"en": "all visits alike: no error can be computed", "zh": "各次访问结果相同，无法计算误差"},
    "complete": {"en": "every store was visited: no sampling error", "zh": "全部门店均已访问，无抽样误差"},
}
_BOUNDS = [replace(NUMBER_COLUMNS[name], decimals=1) for name in ("low", "high")]


def method_of_visits(interval: Interval, language: Language) -> str:
    """How intervals of means over visits were made, in words."""
    return interval.sentence(language, VISITS) if isinstance(interval, Student) else interval.sentence(language)


def beyond_scale(frame: pd.DataFrame) -> tuple[Text, ...]:
    """How many intervals leave the scale, and that this comes from few visits; empty where none does.

    >>> beyond_scale(pd.DataFrame({"low": [-6.9, 60.0], "high": [124.1, 80.0]}))[0]["en"]
    '1 of 2 intervals leaves the scale of 0 to 100: a t interval knows no bounds, and of very few visits says next to nothing'
    """
    out, k = int(((frame["low"] < 0) | (frame["high"] > 100)).sum()), int(np.isfinite(frame["low"]).sum())
    if not out:
        return ()
    return ({"en": f"{out} of {k} intervals {'leaves' if out == 1 else 'leave'} the scale of 0 to 100: a t interval knows "
                   "no bounds, and of very few visits says next to nothing",
             "zh": f"{k} 个区间中有 {out} 个超出 0–100 分：t 区间不受量程约束，访问次数过少时几乎不含信息"},)  # fmt: skip


def within_scale(said: str, row: pd.Series, language: Language) -> str:
    """What is said of a score, and whether its interval says anything."""
    if not (row["low"] < 0 or row["high"] > 100):
        return said
    return (
        f"{said}，区间超出 0–100 分，访问次数过少"
        if language == "zh"
        else f"{said}, an interval that leaves the scale: too few visits"
    )


class WeightsOfStores(Protocol):
    """Weights of the indicators per store, as :func:`servqual.mystery.weight_rules.weigh_checklist` gives them."""

    @property
    def stores(self) -> tuple[Any, ...]: ...

    @property
    def matrix(self) -> Array: ...


@dataclass(frozen=True, eq=False, repr=False)
class VisitScores(Estimates):
    """Scores of visits: total, categories, indicators, modules and items, one row each and per group.

    Frame columns: the split columns; ``part, id, label``; ``n`` visits, ``stores``, ``n_na`` (visits in which it was not
    applicable) and ``n_missing`` (in which it has no score since an answer is missing), which add up to all visits; ``coverage`` (mean share of the weight that was
    applicable and answered, 0 to 1); ``score`` (of ``of``, 0 to 100) with ``se, low, high, df, deff``; ``raw, final, lost``
    (raw − final); ``mix`` (what is pooled: "mode", "mode + agency" …); ``reason``.

    Attributes
    ----------
    visits : the visits that were scored
    points : their scores, one row a visit
    plan, of : what items count for, and which score the intervals belong to
    ledger : the ledger of the visits, and how many of those kept were scored
    """

    visits: Visits = None  # type: ignore[assignment]
    points: VisitPoints = None  # type: ignore[assignment]
    plan: PointPlan = None  # type: ignore[assignment]
    of: Of = "final"
    ledger: VisitLedger = None  # type: ignore[assignment]

    @property
    def checklist(self) -> Checklist:
        """The checklist of the visits."""
        return self.visits.checklist

    def title(self) -> str:
        name = say(self.checklist.title, self.language)
        return self.titled({"en": f"Scores of visits: {name}", "zh": f"访问得分：{name}"})

    def columns(self) -> tuple[Column, ...]:
        mixed = bool(self.frame["mix"].any())
        value = replace(NUMBER_COLUMNS["score"], label=SCORE_COLUMNS[self.of].label)
        other = [] if self.of == "raw" else [SCORE_COLUMNS["raw"]]
        blank = ["n_missing"] if self.frame["n_missing"].any() else []
        return (
            *self.by_columns,
            *(SCORE_COLUMNS[name] for name in ("part", "label", "n", "stores", "n_na", *blank, "coverage")),
            *other,
            value,
            *_BOUNDS,
            *([_mix_column(self.frame["mix"], self.visits)] if mixed else []),
            *self.reasons(VISIT_REASONS),
        )

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return method_of_visits(self.interval, self.language)

    def about(self) -> tuple[Text, ...]:
        return (
            *beyond_scale(self.frame),
            {"en": "scores from 0 to 100, means over visits; what is not applicable leaves numerator and denominator",
             "zh": "得分为 0–100 分，取各次访问的均值；不适用项同时退出分子与分母"},
            {"en": "shares of yes/no items: Wilson score interval", "zh": "是/否检查项：Wilson 得分区间"},
        )  # fmt: skip

    def in_language(self, language: Language) -> Self:
        """The same numbers, shown in English or Chinese."""
        visits = self.visits.in_language(language)
        labels = labels_of(self.checklist)
        told = [
            say(labels[part, name], language) for part, name in zip(self.frame["part"], self.frame["id"], strict=True)
        ]
        return replace(
            self,
            language=language,
            visits=visits,
            frame=self.frame.assign(label=told),
            ledger=self.ledger.in_language(language),
        )

    # -- one row

    def row(self, name: str = "total", part: Part | None = None, **group: Any) -> pd.Series:
        """The numbers of the total, or of a category, an indicator, a module or an item, by its id."""
        rows = self.find_all("id", name, group)
        if part is not None:
            rows = rows[rows["part"] == part]
        if rows.empty:
            raise SpecError(f"there is no {part} {name!r}.")
        return rows.iloc[0]

    def estimate(self, name: str = "total", part: Part | None = None, **group: Any) -> Estimate:
        """One score with its interval."""
        return self.as_estimate(self.row(name, part, **group), "score", words=VISIT_REASONS)

    def sentence(self, name: str = "total", part: Part | None = None, **group: Any) -> str:
        """One score in words, with its interval, its base, and what vetoes took."""
        row, zh = self.row(name, part, **group), self.language == "zh"
        place = self.beside(row["label"], row)
        if not np.isfinite(row["score"]):
            return self.nothing(place, "score", say(VISIT_REASONS[row["reason"]], self.language))
        estimate = self.as_estimate(row, "score", words=VISIT_REASONS)
        error = estimate.interval(self.language, 1) if np.isfinite(row["low"]) else estimate.reason
        n, stores = int(row["n"]), int(row["stores"])
        value = NUMBER_COLUMNS["score"].show(row["score"], self.language)
        taken = SCORE_COLUMNS["lost"].show(row["lost"], self.language) if row["lost"] > 0 else ""
        if zh:
            veto = f"；否决扣去 {taken} 分" if taken else ""
            return (
                f"{within_scale(f'{place}：{value} 分（{error}，{n:,} 次访问、{stores:,} 家门店）', row, 'zh')}{veto}。"
            )
        base = f"{n:,} visit{'s' * (n != 1)}, {stores:,} store{'s' * (stores != 1)}"
        veto = f"; vetoes took {taken}" if taken else ""
        return f"{within_scale(f'{place}: {value} of 100 ({error}, {base})', row, 'en')}{veto}."

    # -- what else can be asked

    def per_visit(self) -> pd.DataFrame:
        """One row a visit: its columns, ``raw`` and ``final`` total, ``coverage``, and the score of every category, module
        and indicator (of ``of``, called ``category:…``, ``module:…``, ``indicator:…``)."""
        shown = getattr(self.points, self.of)
        columns = {
            "raw": self.points.raw.total[:, 0],
            "final": self.points.final.total[:, 0],
            "coverage": self.points.coverage.total[:, 0],
        }
        for measure in measures_of(self.checklist)[1:]:
            columns[f"{measure.part}:{measure.id}"] = measure.read(shown)
        table = pd.concat([self.visits.frame, pd.DataFrame(columns)], axis=1)
        table.attrs["language"] = self.language  # so that what is computed from it shows itself in the same
        return table

    def compliance(self, **options: Any) -> Compliance:
        """:func:`servqual.mystery.tables.compliance` of the same visits: the share of visits that met each item."""
        from servqual.mystery.tables import compliance

        return compliance(self, **options)

    def veto_log(self) -> VetoLog:
        """:func:`servqual.mystery.tables.veto_log`: which violations were found, and what they took."""
        from servqual.mystery.tables import veto_log

        return veto_log(self)

    def coverage(self) -> Coverage:
        """:func:`servqual.mystery.tables.coverage`: how much weight was lost to what was not applicable."""
        from servqual.mystery.tables import coverage

        return coverage(self)

    def scenario_balance(self, *, by: str | None = None) -> ScenarioBalance:
        """:func:`servqual.mystery.tables.scenario_balance`: whether enquiries outnumber sales checks."""
        from servqual.mystery.tables import scenario_balance

        return scenario_balance(self.visits, by=by)

    def stores(self, **options: Any) -> StoreStandings:
        """:func:`servqual.mystery.standings.store_standings`: what can be said of each store."""
        from servqual.mystery.standings import store_standings

        return store_standings(self, **options)

    def differences(self, by: str, **options: Any) -> VisitDifferences:
        """:func:`servqual.mystery.effects.visit_differences`: covert against overt, one agency against another."""
        from servqual.mystery.effects import visit_differences

        return visit_differences(self, by, **options)

    def plot(self, ax: Axes | None = None, *, part: Part = "category") -> Axes:
        """Groups by categories (or indicators) as a heat map; without groups, every score with its interval."""
        from servqual.plots.visits import draw_visit_map, draw_visit_scores

        return draw_visit_map(self, ax, part=part) if self.by else draw_visit_scores(self, ax)


def score_visits(
    visits: Visits,
    *,
    by: str | Sequence[str] | None = None,
    weights: WeightsOfStores | pd.DataFrame | None = None,
    of: Of = "final",
    exposed: Exposed = "out",
    minimum: float = 0.0,
    inspectors: Inspectors = "these",
    level: float = 0.95,
    interval: Interval | None = None,
) -> VisitScores:
    """Scores of visits and of everything above them, with intervals that know that visits fell within stores.

    Parameters
    ----------
    visits : Visits, from :func:`servqual.mystery.visits.read_visits`
    by : column or columns to split by: store, tier, centre, company, mode, month, …
    weights : weights of the indicators per store (:func:`servqual.mystery.weight_rules.weigh_checklist`), or a frame with a
        row per store and a column per indicator; the checklist's own without them
    of : {"final", "raw"}
        Which score the intervals belong to: after vetoes and caps, or before. Both are always in the table
    exposed : {"out", "in"}
        Whether covert visits that were discovered count; they are in the ledger
    minimum : least coverage, 0 to 1: visits in which less of the total's weight was applicable and answered are left out and
        are in the ledger. By default none is, and the note says how many rest on less than half
    inspectors : {"these", "any"}
        Whom intervals speak of: scores as these inspectors give them (stores are the clusters), or as inspectors like these
        would (stores and inspectors are, crosswise). The note says how much wider the latter is for the total
    level : confidence of the intervals
    interval : by default :class:`~servqual.inference.Taylor` with stores as clusters (and strata, where they are declared);
        ``Student()`` takes every visit as independent, which is too narrow where stores differ

    Returns
    -------
    VisitScores

    Raises
    ------
    SpecError
        If a store has no weights, a split column bears the name of a column of the table, or no visit is left.

    Notes
    -----
    The score of a visit is that of :func:`servqual.mystery.blocks.score_points`; the table has means over visits. With
    clusters the error is ``sum_h n_h/(n_h − 1) sum_c (u_hc − mean_h)²`` over the stores' sums u of deviations, with stores −
    strata degrees of freedom. A row of one store has no other stores to learn from: its visits are the units, the interval
    is Student's, and the statement is about that store in that period.

    An inspector's severity is in all stores that he or she saw, so that with ``inspectors="any"`` the error is that of stores
    plus ``G/(G − 1) Σ_i u_i²`` over the inspectors' sums of deviations less the same sum over store and inspector together
    (Cameron, Gelbach and Miller), with degrees of freedom after Satterthwaite. In 200 simulated studies of 40 stores with 12
    visits by three inspectors each, 95% intervals from stores alone held in 91% where twelve inspectors shared the work and
    in 65% where six of great severity did; crosswise in 95% and 92% (tests/test_mystery_inspectors.py).

    Items: 100 × the mean share of the points; where it is yes or no, Wilson's interval, for as many independent visits as
    the design makes of them (Korn and Graubard). Modes, scenarios, agencies and companies are never pooled in silence: a
    column ``mix`` says what a row pools, and the note how many of each. Split by them, or choose.

    How to read it: ``lost`` is what vetoes and caps took. A low ``coverage`` says that much of the checklist was not
    applicable or not answered: the score then is about the rest.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201. Cameron, Gelbach and Miller (2011), J. Business & Economic
    Statistics 29, 238-249, doi:10.1198/jbes.2010.07136. Checked against R: visit, section and branch scores, overall
    mean and t interval, items' Wilson intervals (reference results of mystery visits), and R's ``survey`` 4.1 for clusters
    (tests/test_mystery_scores.py).

    Examples
    --------
    >>> from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
    >>> from servqual.mystery.visits import read_visits
    >>> checklist = Checklist(
    ...     "shop", "1", {"en": "Shop"}, (Category("look", {"en": "Look"}, 1.0),),
    ...     (Indicator("clean", {"en": "Clean"}, "look", 0.7), Indicator("talk", {"en": "Talk"}, "look", 0.3)),
    ...     (ChecklistItem("floor", {"en": "Floor clean"}, "clean", veto=True),
    ...      ChecklistItem("desk", {"en": "Desk tidy"}, "clean"), ChecklistItem("hello", {"en": "Greeting"}, "talk")),
    ...     languages=("en",))
    >>> table = pd.DataFrame({"visit": range(6), "store": [*"AABBCC"], "floor": [1, 1, 0, 1, 1, 1],
    ...                       "desk": [1, 0, 1, 1, 0, 0], "hello": [1, 1, "NA", 0, 1, 0]})
    >>> scores = score_visits(read_visits(table, checklist))
    >>> scores.sentence()
    'Total score: 55.8 of 100 (95% CI −4.5 to 116.2, 6 visits, 3 stores), an interval that leaves the scale: too few visits; vetoes took 8.3.'
    >>> [round(float(value), 1) for value in scores.row("clean")[["raw", "final"]]]
    [66.7, 58.3]
    """  # fmt: skip
    check_visits(visits, "score_visits")
    check_between("level", level, 0, 1)
    check_choice("of", of, Of)
    check_choice("exposed", exposed, Exposed)
    _check_minimum(minimum)
    check_choice("inspectors", inspectors, Inspectors)
    split = split_columns(by)
    check_columns(split, visits.frame.columns, "the table of visits")
    check_split(split, (*_TAKEN,))
    used = visits if exposed == "in" else visits.chosen(~visits.exposed)
    if not used.n:
        raise SpecError(
            "every visit was discovered: none is left to score. Give exposed='in' to score them all the same."
        )
    plan = PointPlan.of(used.checklist)
    matrix, which = (None, None) if weights is None else _weights_of(weights, used, plan)
    points = score_points(plan, used.answers, matrix, which)
    if minimum:
        used, which = _of_minimum(used, points, which, minimum)
        points = score_points(plan, used.answers, matrix, which)
    chosen = choose_interval(used.design, interval)
    seen = Seen.of(used.frame)
    if inspectors == "any" and (seen is None or not isinstance(chosen, Taylor)):
        raise SpecError(
            "inspectors='any' needs visits by several inspectors, named in a column 'inspector', and stores as clusters "
            "(Taylor())."
        )
    measures = [*_with_missing(measures_of(used.checklist), used, plan), *_item_measures(used)]
    groups = Groups.of(used, split)
    frame, remarks = _rows(groups, measures, points, of, chosen, level, seen if inspectors == "any" else None)
    if seen is not None and isinstance(chosen, Taylor):
        remarks = (*_whose(used, points, of, chosen, seen, inspectors), *remarks)
    return VisitScores(
        frame, used.language, visits=used, points=points, plan=plan, of=of, by=split,
        by_columns=tuple(used.column_of(name) for name in split), level=level, interval=chosen,
        remarks=(_base_remark(visits, used, exposed), *_thin_remark(points), *selection_remark(used), *mix_remarks(used, split),
                 *remarks),
        cautious=False, ledger=_ledger(visits, used, exposed),
    )  # fmt: skip


_TAKEN = {"part", "id", "label", "n", "stores", "n_na", "n_missing", "coverage", "score", "se", "low", "high", "df", "deff",
          "raw", "final", "lost", "mix", "reason"}  # fmt: skip


# --- what is scored ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """One line of the table: a total, a category, an indicator, a module, or an item.

    Attributes
    ----------
    part, id : which
    level, place : where its scores stand in :class:`~servqual.mystery.points.Scores`; an item has its own ``values``
    values : (n,) an item's shares times 100
    binary : True for an item that was answered by yes or no only
    missing : visits in which it, or one of its items, was left unanswered, as (n,)
    """

    part: Part
    id: str
    level: Level = "total"
    place: int = 0
    values: Any = field(default=None, compare=False)
    binary: bool = False
    missing: Any = field(default=None, compare=False)

    def read(self, scores: Scores) -> Array:
        """(n,) its scores."""
        return np.asarray(scores.column(self.level, self.place) if self.values is None else self.values)

    def covered(self, coverage: Scores) -> Array:
        """(n,) share of its weight that was applicable and answered."""
        return self.read(coverage) if self.values is None else np.isfinite(self.values).astype(float)


def measures_of(checklist: Checklist) -> list[Measured]:
    """Total, categories, indicators and modules; a module of one category is shown once."""
    of_module = [each.module for each in checklist.categories]
    shown = [k for k, module in enumerate(of_module) if not module or of_module.count(module) > 1]
    return [
        Measured("total", "total", "total", 0),
        *(Measured("category", checklist.categories[k].id, "category", k) for k in shown),
        *(Measured("indicator", each.id, "indicator", k) for k, each in enumerate(checklist.indicators)),
        *(Measured("module", module, "total", k + 1) for k, module in enumerate(checklist.modules)),
    ]


def _item_measures(visits: Visits) -> list[Measured]:
    out = []
    for j, item in enumerate(visits.checklist.items):
        answers = visits.answers.values[:, j]
        given = answers >= 0
        values = np.where(given, answers * (100 / visits.answers.unit), np.nan)
        missing = answers == MISSING
        out.append(Measured("item", item.id, values=values, binary=item.type == "yes_no", missing=missing))
    return out


def _with_missing(measures: Sequence[Measured], visits: Visits, plan: PointPlan) -> list[Measured]:
    """Totals, categories, indicators and modules with the visits in which one of their items was left unanswered."""
    missing = visits.answers.missing
    if not missing.any():
        return list(measures)
    category = plan.category[plan.indicator]
    owner = {"indicator": plan.indicator, "category": category, "total": plan.group[category]}
    return [replace(each, missing=missing[:, owner[each.level] == each.place].any(axis=1)) for each in measures]


def labels_of(checklist: Checklist) -> dict[tuple[str, str], Text]:
    """What every line is called."""
    labels: dict[tuple[str, str], Text] = {("total", "total"): TOTAL}
    labels |= {("category", each.id): each.label for each in checklist.categories}
    labels |= {("indicator", each.id): each.label for each in checklist.indicators}
    labels |= {("item", each.id): each.label for each in checklist.items}
    for module in checklist.modules:
        own = [each for each in checklist.categories if each.module == module]
        labels["module", module] = own[0].label if len(own) == 1 else {"en": module, "zh": module}
    return labels


def _weights_of(weights: WeightsOfStores | pd.DataFrame, visits: Visits, plan: PointPlan) -> tuple[Array, Array]:
    """(s, k) weights by store, those of modules apart from the checklist, and (n,) the store of each visit."""
    if isinstance(weights, pd.DataFrame):
        ids = [each.id for each in visits.checklist.indicators]
        base = [k for k in range(len(ids)) if plan.group[plan.category[k]] == 0]
        check_columns([ids[k] for k in base], weights.columns, "the weights")
        stores, matrix = list(weights.index), np.zeros((len(weights), len(ids)))
        matrix[:, base] = weights[[ids[k] for k in base]].to_numpy(float)
    else:
        stores, matrix = list(weights.stores), np.array(weights.matrix, dtype=float)
    apart = plan.group[plan.category] > 0
    matrix[:, apart] = plan.weight[apart]
    total = matrix[:, ~apart].sum(axis=1)
    again = pd.Index([str(name) for name in stores])
    if again.has_duplicates:
        named = ", ".join(again[again.duplicated()].unique()[:5])
        raise SpecError(f"weights name {named} more than once. Keep one row a store.")
    if (matrix < 0).any():
        k, j = np.argwhere(matrix < 0)[0]
        what, least = visits.checklist.indicators[j].id, f"{matrix[k, j]:.4g}".replace("-", "−")
        raise SpecError(f"the weight of {what!r} in store {stores[k]!r} is {least}. Weights must be 0 or more.")
    if not ((matrix >= 0).all() and np.allclose(total, 1, atol=1e-6)):
        worst = int(np.argmax(np.abs(total - 1)))
        raise SpecError(
            f"weights of store {stores[worst]!r} sum to {total[worst]:.4g}. They must be 0 or more and sum to 1."
        )
    place = {str(name): k for k, name in enumerate(stores)}
    which = visits.frame["store"].astype(str).map(place)
    if which.isna().any():
        lacking = sorted(set(visits.frame.loc[which.isna(), "store"].astype(str)))
        named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
        raise SpecError(
            f"{len(lacking)} store{'s' * (len(lacking) > 1)} without weights: {named}. Weigh the checklist for them, too."
        )
    return matrix, which.to_numpy(int)


# --- from visits to rows -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Groups:
    """Visits by group, and the cells of their sample.

    Attributes
    ----------
    labels, code : the groups, and (n,) the group of each visit
    cells, weight, margins : what moments need
    """

    visits: Visits
    by: tuple[str, ...]
    labels: list[tuple[Any, ...]]
    code: Array
    cells: Cells
    weight: Array | None
    margins: Array | None

    @classmethod
    def of(cls, visits: Visits, by: tuple[str, ...]) -> Groups:
        """Groups in order of first appearance; a blank is a group of its own."""
        frame = visits.frame
        stated = {name: frame[name].astype(object).where(frame[name].notna(), NOT_STATED) for name in by}
        cells = Cells.of(frame.assign(**stated), visits.design, by)
        domains = list(dict.fromkeys(cells.table["domain"]))
        place = {label: k for k, label in enumerate(domains)}
        code = np.array([place[label] for label in cells.table["domain"]], dtype=int)[cells.code]
        weight, margins = row_weights(frame, visits.design), margin_rows(frame, visits.design)
        return cls(visits, by, domains, code, cells, weight, margins)

    def lines(self, columns: Array, interval: Interval) -> tuple[list[MeanLine], Moments]:
        """Means of the columns in every group with their errors, and the moments they come from."""
        parts: list[list[MeanLine]] = []
        size = self.columns_at_once
        for start in range(0, columns.shape[1], size):
            moments = self.moments(columns[:, start : start + size])
            parts.append([MeanLine.of(moments, label, interval) for label in self.labels])
        return [_side_by_side(line) for line in zip(*parts, strict=True)], moments

    def moments(self, columns: Array) -> Moments:
        """Moments of some columns, each with a mask of its own."""
        names = [f"x{k}" for k in range(columns.shape[1])]
        frame = pd.DataFrame(columns, columns=names, copy=False)
        return Moments.from_cells(frame, ScoreMap.plain(names), self.cells, self.weight, self.margins)

    @property
    def columns_at_once(self) -> int:
        """How many columns fit: three Gram matrices of twice as many in every cell."""
        return max(1, int(np.sqrt(_ROOM / max(1, 3 * len(self.cells.table))) / 2))

    def mean(self, values: Array) -> Array:
        """(g,) weighted means of values without gaps."""
        g = len(self.labels)
        if self.weight is None:
            return np.bincount(self.code, values, g) / np.bincount(self.code, minlength=g)
        return np.bincount(self.code, self.weight * values, g) / np.bincount(self.code, self.weight, g)

    def mean_of_some(self, values: Array, where: Array) -> Array:
        """(g,) weighted means of the values that are there, nan where none is."""
        weight = where if self.weight is None else where * self.weight
        g = len(self.labels)
        top, base = (np.bincount(self.code, part, g) for part in (np.where(where, values, 0.0) * weight, weight))
        return np.divide(top, base, out=np.full(g, np.nan), where=base > 0)

    def count(self, where: Array) -> Array:
        """(g,) visits for which something is true."""
        return np.bincount(self.code[where], minlength=len(self.labels))

    def stores(self, where: Array) -> Array:
        """(g,) stores among these visits."""
        pairs, k = self._store_of_group
        met = np.bincount(pairs if where.all() else pairs[where], minlength=len(self.labels) * k)
        return (met.reshape(-1, k) > 0).sum(axis=1)

    @cached_property
    def _store_of_group(self) -> tuple[Array, int]:
        """(n,) number of each visit's group and store together, and how many stores there are."""
        number, names = pd.factorize(self.visits.frame["store"])
        return self.code * len(names) + number, len(names)


def _side_by_side(lines: Sequence[MeanLine]) -> MeanLine:
    """The same group's means of several sets of columns, as one."""
    if len(lines) == 1:
        return lines[0]
    first = lines[0]
    arrays = ("mean", "se", "df", "deff", "n", "total", "dropped", "kish", "alike", "textbook")
    joined: dict[str, Any] = {name: np.concatenate([getattr(line, name) for line in lines]) for name in arrays}
    lonely = tuple(dict.fromkeys(name for line in lines for name in line.lonely))
    return replace(first, **joined, lonely=lonely)


def _rows(
    groups: Groups,
    measures: Sequence[Measured],
    points: VisitPoints,
    of: Of,
    interval: Interval,
    level: float,
    seen: Seen | None = None,
) -> tuple[pd.DataFrame, tuple[Text, ...]]:
    """The table, and what its intervals need said."""
    shown, other = (points.final, points.raw) if of == "final" else (points.raw, points.final)
    columns = np.empty((groups.visits.n, len(measures)), order="F")
    for m, measure in enumerate(measures):
        columns[:, m] = measure.read(shown)
    lines, moments = groups.lines(columns, interval)
    if seen is not None:
        lines = lines_with_inspectors(lines, columns, seen, groups.code, groups.weight)
    beside = _beside(groups, measures, points, columns, other)
    binary = np.array([measure.binary for measure in measures])
    labels = labels_of(groups.visits.checklist)
    language, mix = groups.visits.language, _mix_of(groups)
    frames = []
    for g, line in enumerate(lines):
        low, high, reason = bounds(line, binary, level)
        mean = line.mean
        second = np.where(np.isnan(mean) | (beside["same"][g] > 0), mean, beside["other"][g])
        raw, final = (second, mean) if of == "final" else (mean, second)
        frames.append(pd.DataFrame({
            **{name: [value] * len(measures) for name, value in zip(groups.by, line.label, strict=True)},
            "part": [measure.part for measure in measures],
            "id": [measure.id for measure in measures],
            "label": [say(labels[measure.part, measure.id], language) for measure in measures],
            "n": line.n.astype(int), "stores": beside["stores"][g], "n_na": beside["n_na"][g],
            "n_missing": beside["n_missing"][g], "coverage": beside["coverage"][g],
            "score": mean, "se": line.se, "low": low, "high": high, "df": line.df, "deff": line.deff,
            "raw": raw, "final": final, "lost": raw - final, "mix": mix[g], "reason": reason,
        }))  # fmt: skip
    columns_of = [groups.visits.column_of(name) for name in groups.by]
    narrow = narrow_remarks_of(moments, {line.label: line.df for line in lines}, interval, columns_of)
    return pd.concat(frames, ignore_index=True), narrow


def bounds(line: MeanLine, binary: Array, level: float) -> tuple[Array, Array, Array]:
    """(m,) bounds of scores from 0 to 100 and the reasons why there are none: Wilson for yes and no, else t."""
    low, high = t_interval(line.mean, line.se, line.df, level)
    lost = line.missing()
    reason = np.where(lost != "", lost, np.where(line.alike, "no error", np.where(line.complete(), "complete", "")))
    share = replace(line, mean=line.mean / 100, se=line.se / 100, total=line.total / 100)
    wilson = share_bounds(share, "wilson", level)
    low, high = (np.where(binary, 100 * own, bound) for own, bound in zip(wilson, (low, high), strict=True))
    alike = np.where(line.textbook, "", "alike")
    reason = np.where(binary & (reason == "no error"), alike, reason)
    reason = np.where(~binary & (reason == "") & (line.df <= 1), "one df", reason)
    nothing = np.isin(reason, ("no error", "one df")) | (lost != "")
    low, high = (np.where(nothing, np.nan, bound) for bound in (low, high))
    return low, high, np.where((reason == "") & line.lone, "one cluster", reason)


def _whose(
    visits: Visits, points: VisitPoints, of: Of, interval: Interval, seen: Seen, inspectors: Inspectors
) -> tuple[Text, ...]:
    """Whom the errors speak of, with the total's error either way."""
    groups, total = Groups.of(visits, ()), getattr(points, of).total[:, :1]
    lines, _ = groups.lines(total, interval)
    wide = lines_with_inspectors(lines, total, seen, groups.code, groups.weight)
    return (inspectors_remark(seen, inspectors == "any", float(lines[0].se[0]), float(wide[0].se[0])),)


def _beside(
    groups: Groups, measures: Sequence[Measured], points: VisitPoints, columns: Array, other: Scores
) -> dict[str, Array]:
    """(groups, measures) numbers that carry no error: visits, stores, coverage, and the score of the other kind
    where any visit has another (``same`` says where none has)."""
    shape = (len(groups.labels), len(measures))
    names = ("stores", "n_na", "n_missing", "same")
    out = {name: np.zeros(shape, dtype=int) for name in names} | {
        name: np.zeros(shape) for name in ("coverage", "other")
    }
    for m, measure in enumerate(measures):
        there = np.isfinite(columns[:, m])
        missing = np.zeros(len(there), dtype=bool) if measure.missing is None else measure.missing & ~there
        out["stores"][:, m] = groups.stores(there)
        out["n_na"][:, m] = groups.count(~there & ~missing)
        out["n_missing"][:, m] = groups.count(missing)
        out["coverage"][:, m] = groups.mean(measure.covered(points.coverage))
        values = measure.read(other)
        out["same"][:, m] = measure.values is not None or np.array_equal(values, columns[:, m], equal_nan=True)
        if not out["same"][0, m]:
            out["other"][:, m] = groups.mean_of_some(values, there)
    return out


# --- what must be said -------------------------------------------------------------------------------------


def _mixed(visits: Visits, by: Sequence[str]) -> list[str]:
    """Columns that are never pooled in silence, hold several values, and do not split the table."""
    told = [name for name in NEVER_POOLED if name in visits.frame and name not in by]
    return [name for name in told if visits.frame[name].nunique(dropna=False) > 1]


def _mix_of(groups: Groups) -> list[str]:
    """What each group pools: "mode", "mode + agency", or nothing."""
    pooled: list[list[str]] = [[] for _ in groups.labels]
    for name in _mixed(groups.visits, groups.by):
        values = groups.visits.frame[name].groupby(groups.code).nunique(dropna=False)
        for g in values.index[values > 1]:
            pooled[int(g)].append(name)
    return [" + ".join(names) for names in pooled]


def _mix_column(mix: pd.Series, visits: Visits) -> Column:
    words = {
        each: {language: glue.join(visits.column_of(name).heading(language) for name in each.split(" + "))
               for language, glue in (("en", ", "), ("zh", "、"))}
        for each in mix.unique() if each
    }  # fmt: skip
    return Column("mix", {"en": "pooled over", "zh": "合并了"}, "text", words)


def mix_remarks(visits: Visits, by: Sequence[str]) -> list[Text]:
    """What is pooled, with the visits of each kind."""
    remarks: list[Text] = list(_mode_remark(visits))
    for name in _mixed(visits, by):
        column, counts = visits.column_of(name), visits.frame[name].value_counts(dropna=False)
        told = {}
        for language, glue, unstated in (("en", ", ", "not stated"), ("zh", "、", "未注明")):
            told[language] = glue.join(
                f"{column.show(value, language) or unstated} {n:,}" for value, n in counts.head(8).items()
            )
        remarks.append({
            "en": f"pooled over {column.heading('en')} ({told['en']}): split by it or choose one before you compare",
            "zh": f"合并了不同的{column.heading('zh')}（{told['zh']}），比较前请按其拆分或只取一种",
        })  # fmt: skip
    return remarks


def _mode_remark(visits: Visits) -> tuple[Text, ...]:
    """That nothing tells covert visits from overt ones, and which column might."""
    if "mode" in visits.frame:
        return ()
    known = visits.ledger.headings
    en, zh = ("", "") if known is None else (known.doubt("mode", "en"), known.doubt("mode", "zh"))
    return ({"en": "no column says which visits were covert and which overt: if there are both, they are pooled"
                   + (f" ({en})" if en else ""),
             "zh": "没有列注明哪些是暗访、哪些是明访：若两者都有，则已合并" + (f"（{zh}）" if zh else "")},)  # fmt: skip


def _check_minimum(minimum: Any) -> None:
    if isinstance(minimum, bool) or not isinstance(minimum, (int, float)) or not 0 <= minimum <= 1:
        raise SpecError(f"minimum={minimum!r} is not a share from 0 to 1: 0.5 asks for half of the weight.")


def _of_minimum(
    visits: Visits, points: VisitPoints, which: Array | None, minimum: float
) -> tuple[Visits, Array | None]:
    """The visits of which enough was applicable and answered, and their stores' places among the weights."""
    enough = points.coverage.column("total", 0) >= minimum - 1e-9  # sums of weights are not exact
    if not enough.any():
        raise SpecError(f"in no visit {100 * minimum:g}% of the weight was applicable and answered. Lower minimum=.")
    return visits.chosen(enough), None if which is None else which[enough]


def _thin_remark(points: VisitPoints) -> tuple[Text, ...]:
    """How many visits rest on less than half of the weight; empty where none does."""
    scored = np.isfinite(points.raw.column("total", 0))
    n, thin = int(scored.sum()), int((points.coverage.column("total", 0)[scored] < 0.5 - 1e-9).sum())
    if not thin:
        return ()
    return ({"en": f"{thin:,} of {n:,} visits {'rests' if thin == 1 else 'rest'} on less than half of the weight: the others "
                   "of their items were not applicable or left blank (minimum=0.5 leaves such visits out)",
             "zh": f"{n:,} 次访问中有 {thin:,} 次的得分所依据的权重不足一半：其余检查项不适用或未作答（minimum=0.5 可不计此类访问）"},)  # fmt: skip


def selection_remark(visits: Visits) -> tuple[Text, ...]:
    """What the intervals are about where stores were not drawn by chance."""
    if visits.design.selection == "probability":
        return ()
    return ({"en": "stores and days were not all drawn with known probabilities: the intervals show what chance alone would leave "
             "open if these were like a random sample",
             "zh": "门店与访问时间并非全部按已知概率抽取：区间仅表示若其如同随机样本时偶然性留下的不确定范围"},)  # fmt: skip


def _left_out(visits: Visits, used: Visits, exposed: Exposed) -> tuple[int, int]:
    """Visits kept and not scored: discovered, and of which too little was judged."""
    out = int(visits.exposed.sum()) if exposed == "out" else 0
    return out, visits.n - used.n - out


def _base_remark(visits: Visits, used: Visits, exposed: Exposed) -> Text:
    """Visits scored, set aside, discovered, of which too little was judged."""
    read, kept = visits.ledger.count("read"), visits.ledger.count("kept")
    out, thin = _left_out(visits, used, exposed)
    en = f"{used.n:,} visits scored; of {read:,} read {read - kept:,} were set aside (see the ledger)"
    zh = f"计分访问 {used.n:,} 次；读入 {read:,} 次，搁置 {read - kept:,} 次（见台账）"
    if out:
        en += f", and {out:,} that {'was' if out == 1 else 'were'} discovered left out"
        zh += f"，另有 {out:,} 次暗访被识破，未计分"
    if thin:
        en += f", and {thin:,} of which too little was judged left out"
        zh += f"，另有 {thin:,} 次判定过少，未计分"
    return {"en": en, "zh": zh}


def _ledger(visits: Visits, used: Visits, exposed: Exposed) -> VisitLedger:
    """The ledger of the file, its kept visits split into those scored and those left out."""
    frame, (out, thin) = visits.ledger.frame, _left_out(visits, used, exposed)
    if not out + thin:
        return visits.ledger
    place = int(np.flatnonzero(frame["step"] == "kept")[0])
    lost = [(step, n) for step, n in (("exposed", out), ("below minimum", thin)) if n]
    added = pd.DataFrame([("rows", *line) for line in (*lost, ("scored", int(frame["n"].iloc[place]) - out - thin))],
                         columns=["part", "step", "n"])  # fmt: skip
    return replace(visits.ledger, frame=pd.concat([frame[:place], added, frame[place + 1 :]], ignore_index=True))
