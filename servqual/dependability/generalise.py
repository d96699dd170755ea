"""The table of variances, and what follows from it: dependability, severity of inspectors, scores that allow for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.dependability.components import Squares, simulated_components
from servqual.dependability.effects import with_components
from servqual.dependability.facets import (
    FACETS,
    OMITTED,
    Facet,
    FacetLayout,
    check_facets,
    column_label,
    decimals_for,
    fixed_columns,
    read_layout,
)
from servqual.dependability.planned import (
    Kind,
    Of,
    Planned,
    Reliability,
    VisitDesign,
    dependability_coefficient,
    dependability_interval,
    design_shares,
)
from servqual.dependability.severity import predict_crossed
from servqual.inference import NUMBER_COLUMNS, t_interval
from servqual.regression import Regression, fit_linear
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Language, Result, Text, say, spaced
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_FEW = 5  # levels below which a variance is hardly estimated at all
_MOST = 1000  # visits per store that are looked at
_VISITS = (1, 2, 3, 4, 6, 8, 12)

COMPONENT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "negative": {"en": "estimate below 0: taken as 0 in what follows", "zh": "估计为负，后续按 0 计算"},
    "few": {"en": "few levels: hardly estimated", "zh": "水平过少，估计很不可靠"},
}
SEVERITY_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "one object": {
        "en": "visited one only: cannot be told from it beyond what all others suggest",
        "zh": "仅访问过一个对象，无法与该对象区分，只能借助其他检查员的信息",
    },
    "one inspector": {"en": "one inspector: nobody to compare with", "zh": "仅一名检查员，无从比较"},
    "no differences": {"en": "no differences between inspectors were found", "zh": "未发现检查员之间的差异"},
    "no object differences": {"en": "no differences beyond error were found", "zh": "未发现超出误差的差异"},
}
_SHARED: Mapping[bool, Text] = {
    True: {"en": "every store sees the same inspectors, so their severity cancels in ranks",
           "zh": "所有门店由同一批检查员访问，宽严在排名中抵消"},
    False: {"en": "stores see different inspectors, so severity counts in ranks too",
            "zh": "各门店检查员不同，宽严同样影响排名"},
}  # fmt: skip
_RESIDUAL: Text = {"en": "residual", "zh": "残差"}
_TIMES: Text = {"en": " × ", "zh": " × "}


# --- the tables --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Severity(Result):
    """Inspectors, the most severe first.

    Frame columns: ``inspector, scores`` (rows), ``objects`` (different stores), ``raw`` (mean less the mean of all), ``effect`` (points given
    above, +, or below, −, the average inspector, as predicted), ``se, low, high, reason``.
    """

    level: float = 0.95
    columns_of: Mapping[Facet, str] = field(default_factory=dict)

    @property
    def _places(self) -> int:
        return decimals_for(float(self.frame["raw"].abs().max()))

    def title(self) -> str:
        return (
            "检查员宽严：高于或低于平均检查员的分数"
            if self.language == "zh"
            else "Severity of inspectors: points given above or below the average inspector"
        )

    def columns(self) -> tuple[Column, ...]:
        objects = column_label(self, self.columns_of["objects"])
        name, places = self.columns_of["inspectors"], self._places
        return (
            Column("inspector", {"en": column_label(self, name), "zh": column_label(self, name)}, "text",
                   self._variable(name).values),
            Column("scores", {"en": "scores", "zh": "评分数"}, "count"),
            Column("objects", {"en": f"different: {objects}", "zh": spaced(f"不同的{objects}")}, "count"),
            Column("raw", {"en": "raw", "zh": "原始差"}, "signed", decimals=places),
            Column("effect", {"en": "effect", "zh": "宽严"}, "signed", decimals=places),
            *_error_columns("signed", places),
            *_remark_column(self.frame, SEVERITY_REASONS),
        )  # fmt: skip

    def note(self) -> str:
        percent = f"{100 * self.level:g}%"
        if self.language == "zh":
            return (
                f"正值偏宽，负值偏严；为最佳线性无偏预测，评分越少越向 0 收缩；{percent} 预测区间，方差分量视为已知。"
            )
        return (f"Above 0 lenient, below 0 severe; best linear unbiased predictions, pulled towards 0 the more the fewer the scores; "
                f"{percent} intervals of prediction, variances taken as known.")  # fmt: skip

    def sentence(self, inspector: Any) -> str:
        """One inspector in words."""
        hit = self.frame[self.frame["inspector"] == inspector]
        if hit.empty:
            raise SpecError(f"there is no inspector {inspector!r} here.")
        row, zh = hit.iloc[0], self.language == "zh"
        value, low, high = (f"{row[name]:+.{self._places}f}".replace("-", "−") for name in ("effect", "low", "high"))
        percent = f"{100 * self.level:g}%"
        why = say(SEVERITY_REASONS[row["reason"]], self.language)
        if zh:
            return f"{inspector}：{value} 分（{percent} 预测区间 {low} 至 {high}，{row['scores']} 个评分）{'；' + why if why else ''}。"
        return f"{inspector}: {value} points ({percent} interval {low} to {high}, {row['scores']} scores){'; ' + why if why else ''}."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Inspectors with their intervals against the average."""
        from servqual.plots.agreement import draw_severity

        return draw_severity(self, ax)


def _error_columns(bounds: Literal["signed", "number"], places: int) -> tuple[Column, ...]:
    """SE and interval of an estimate or a prediction."""
    return (
        replace(NUMBER_COLUMNS["se"], decimals=places),
        *(replace(NUMBER_COLUMNS[end], kind=bounds, decimals=places) for end in ("low", "high")),
    )


def _remark_column(frame: pd.DataFrame, words: Mapping[str, Text]) -> tuple[Column, ...]:
    """The remark, where any row has one."""
    return (replace(NUMBER_COLUMNS["reason"], words=words),) if frame["reason"].any() else ()


@dataclass(frozen=True, eq=False, repr=False)
class AdjustedStores(Result):
    """Stores with who inspected them allowed for, the best first.

    Frame columns: ``object, scores, inspectors, raw`` (plain mean), ``adjusted`` (mean with every inspector's predicted effect taken
    off), ``shrunken`` (best prediction of the store's true mean), ``se, low, high, reason``.
    """

    level: float = 0.95
    columns_of: Mapping[Facet, str] = field(default_factory=dict)

    def title(self) -> str:
        name = column_label(self, self.columns_of["objects"])
        return (
            spaced(f"各{name}得分（已扣除检查员宽严）")
            if self.language == "zh"
            else f"Scores by {name}, inspectors allowed for"
        )

    def columns(self) -> tuple[Column, ...]:
        name, places = self.columns_of["objects"], decimals_for(float(np.nanmax(self.frame["se"])))
        return (
            Column("object", {"en": column_label(self, name), "zh": column_label(self, name)}, "text", self._variable(name).values),
            Column("scores", {"en": "scores", "zh": "评分数"}, "count"),
            Column("inspectors", {"en": "inspectors", "zh": "检查员数"}, "count"),
            Column("raw", {"en": "raw", "zh": "原始均值"}, "number", decimals=places),
            Column("adjusted", {"en": "adjusted", "zh": "校正均值"}, "number", decimals=places),
            Column("shrunken", {"en": "best prediction", "zh": "最佳预测"}, "number", decimals=places),
            *_error_columns("number", places),
            *_remark_column(self.frame, SEVERITY_REASONS),
        )  # fmt: skip

    def note(self) -> str:
        percent = f"{100 * self.level:g}%"
        if self.language == "zh":
            return (
                f"校正均值扣除了每位检查员的宽严预测值；最佳预测再向总均值收缩；{percent} 预测区间，方差分量视为已知。"
            )
        return (f"Adjusted: less the predicted effect of each inspector; best prediction: pulled towards the mean of all as well; {percent} "
                "intervals of prediction, variances taken as known.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Dependability(Result):
    """Variances of stores, inspectors, occasions and items, one row each; what follows from them is a method away.

    Frame columns: ``component, levels, variance`` (as estimated, possibly negative), ``se, low, high, truncated`` (0 where negative),
    ``share`` (of the sum of the truncated), ``reason``.

    Attributes
    ----------
    layout : who met whom
    effects : fixed effects (covert against overt, agency), errors from the variance components; None without any
    n, n_dropped : scores used, and left out because something was missing
    mean : mean score, weighted as the rows are
    """

    layout: FacetLayout | None = None
    effects: Regression | None = None
    n: int = 0
    n_dropped: int = 0
    mean: float = float("nan")
    level: float = 0.95
    replicates: int = 200
    seed: int = 0
    score: str = "score"
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    drawn: Array = field(default_factory=lambda: np.zeros((0, 0)))

    # --- how it shows itself

    @property
    def _design(self) -> FacetLayout:
        if self.layout is None:
            raise SpecError("this table was made without its layout.")
        return self.layout

    def _name(self, facet: str) -> str:
        return column_label(self, self._design.columns[facet])  # type: ignore[index]

    def _component(self, key: str) -> str:
        if key == "residual":
            return say(_RESIDUAL, self.language)
        words = say(_TIMES, self.language).join(self._name(facet) for facet in key.split(":"))
        within = next((term.within for term in self._design.terms if term.key == key), ())
        inner = [self._name(facet) for facet in within if facet != "groups"]
        if not inner:
            return words
        return (
            spaced(f"{words}（嵌套于{'、'.join(inner)}）")
            if self.language == "zh"
            else f"{words} (within {', '.join(inner)})"
        )

    def title(self) -> str:
        score = column_label(self, self.score)
        return f"方差分量：{score}" if self.language == "zh" else f"Variance components of {score}"

    def columns(self) -> tuple[Column, ...]:
        places = decimals_for(float(self.frame["truncated"].max()))
        names: dict[str, Text] = {key: dict.fromkeys(("en", "zh"), self._component(key)) for key in self._design.keys}
        return (
            Column("component", {"en": "component", "zh": "分量"}, "text", names),
            Column("levels", {"en": "levels", "zh": "水平数"}, "count"),
            Column("variance", {"en": "variance", "zh": "方差"}, "number", decimals=places),
            *_error_columns("number", places),
            Column("truncated", {"en": "cut off at 0", "zh": "负值截断为 0"}, "number", decimals=places),
            Column("share", {"en": "share", "zh": "占比"}, "share"),
            *_remark_column(self.frame, COMPONENT_REASONS),
        )

    def note(self) -> str:
        zh, layout = self.language == "zh", self._design
        parts = [f"{self.n:,} 个评分，剔除 {self.n_dropped:,} 个（有缺失）" if zh else
                 f"{self.n:,} scores, {self.n_dropped:,} dropped for something missing"]  # fmt: skip
        for key, why in layout.omitted.items():
            words = say(_TIMES, self.language).join(self._name(facet) for facet in key.split(":"))
            parts.append(f"{words}：{say(OMITTED[why], 'zh')}" if zh else f"{words}: {say(OMITTED[why], 'en')}")
        parts += self._warnings(zh)
        percent = f"{100 * self.level:g}%"
        parts.append(
            f"方差由组和的二次型无偏估计（Henderson 方法 1），可为负；标准误与 {percent} 区间来自 {self.replicates} 次正态参数自助模拟（种子 {self.seed}）"
            if zh else
            f"variances are unbiased quadratic estimates from sums of groups (Henderson's method 1) and may be negative; SE and {percent} "
            f"intervals from {self.replicates} simulated studies with normal effects (seed {self.seed})")  # fmt: skip
        tail = self.as_made().sentence(self.language)
        return f"{'；'.join(parts)}。本次设计：{tail}" if zh else f"{'; '.join(parts)}. As visited: {tail}"

    def _warnings(self, zh: bool) -> list[str]:
        layout, parts = self._design, []
        if layout.alone.any():
            objects, inspectors = self._name("objects"), self._name("inspectors")
            n = int(layout.alone.sum())
            parts.append(spaced(f"{n} 名{inspectors}只访问过一个{objects}，其宽严无法与之区分") if zh else
                         f"{n} {inspectors} visited one {objects} only and cannot be told from it")  # fmt: skip
        if layout.islands > 1:
            parts.append(f"研究由 {layout.islands} 个互不共享检查员的部分组成，各部分之间的差异与检查员混杂" if zh else
                         f"{layout.islands} parts of the study share no inspector: differences between them may be the inspectors'")  # fmt: skip
        if self.effects is not None:
            parts.append("固定效应已先按最小二乘扣除" if zh else "fixed effects are taken out by least squares first")
        return parts

    def sentence(self) -> str:
        """The dependability of the visits made, and how many it would take, in words."""
        zh = self.language == "zh"
        made = self.as_made().sentence(self.language)
        if self._one_inspector:
            return made
        wanted, name = self.visits_for(0.8), self._name("objects")
        about = self._range_words(self.visits_range(0.8), zh)
        if wanted is None:
            tail = f"增加访问次数无法使 Φ 达到 .80{about}。" if zh else f"No number of visits brings Φ to .80{about}."
        elif zh:
            other = "若每次由不同检查员访问，" if self._inspected else ""
            tail = spaced(f"{other}每个{name}需 {wanted} 次访问才能使 Φ 达到 .80{about}。")
        else:
            other = ", each by another inspector" if self._inspected else ""
            tail = f"Φ of .80 takes {wanted} visit{'' if wanted == 1 else 's'} per {name}{other}{about}."
        return made + ("" if zh else " ") + tail

    def _range_words(self, ends: tuple[int | None, int | None], zh: bool) -> str:
        """How many visits it may take, in brackets."""
        low, high = (f"{n:,}" if n else ("不可达" if zh else "never") for n in ends)
        percent = f"{100 * self.level:g}%"
        if not any(ends):
            return f"（{percent} 置信区间内均不可达）" if zh else f" (nor does either end of its {percent} CI)"
        return (
            f"（{percent} 置信区间 {low} 至{' ' if ends[1] else ''}{high}）"
            if zh
            else f" ({percent} CI {low} to {high})"
        )

    # --- other designs

    @property
    def _inspected(self) -> bool:
        return "inspectors" in self._design.facets

    @property
    def _one_inspector(self) -> bool:
        """True if one inspector did all: how inspectors differ is not known."""
        return self._design.omitted.get("inspectors") == "one level"

    @property
    def variances(self) -> Array:
        """(t + 1,) components cut off at 0, the residual last."""
        return self.frame["truncated"].to_numpy(float)

    def as_made(self) -> Reliability:
        """Dependability with the visits that were made: the harmonic mean of visits and of inspectors per store."""
        layout = self._design
        visits = max(1, round(float(1 / np.mean(1 / np.maximum(layout.visits, 1)))))
        inspectors = (
            max(1, round(float(1 / np.mean(1 / np.maximum(layout.inspectors, 1)))))
            if layout.inspectors.any()
            else visits
        )
        return self.for_design(visits=visits, inspectors=min(inspectors, visits))

    def for_design(
        self, *, visits: int, inspectors: int | None = None, items: int | None = None, occasions: int | None = None,
        of: Of = "store", stores: int | None = None, crossed: bool | None = None, all_stores: bool = False,
    ) -> Reliability:  # fmt: skip
        """What another design would give.

        Parameters
        ----------
        visits : visits per store
        inspectors : different inspectors per store; of a chain, in all. As many as visits by default
        items : items per visit, as many as now by default
        occasions : occasions that a store's visits are spread over, as many as visits by default
        of : "store", or "chain" for the mean over ``stores`` stores
        stores : stores of the chain, as many as now by default
        crossed : True if every store gets the same inspectors, so that severity cancels in comparisons; by default as in the
            data at hand
        all_stores : True if the chain has no other stores

        Returns
        -------
        Reliability
            Eρ² for ranking and Φ for a pass mark, with intervals; the standard error of a mean in points.
        """
        layout = self._design
        design = self._planned_design(visits, inspectors, items, occasions, of, stores, crossed, all_stores)
        value, raw = self.variances, self.frame["variance"].to_numpy(float)
        universe, relative, absolute = design_shares(layout, design)
        shift = float(universe @ _shifts(raw, self.frame["se"].to_numpy(float), _freedom(layout, self.n)))
        shown = [
            (float(dependability_coefficient(value[None, :] @ universe, value[None, :] @ error)[0]),
             *dependability_interval(raw, value, self.drawn, universe, error, shift, self.level))
            for error in (relative, absolute)
        ]  # fmt: skip
        reason = "" if value @ universe > 0 else "no differences"
        if not universe.any():
            shown, reason = [(float("nan"),) * 3] * 2, "one chain"
        spread = [float(np.sqrt(value @ error)) for error in (relative, absolute)]
        if self._one_inspector:
            shown[1], spread[1], reason = (float("nan"),) * 3, float("nan"), "one inspector"
            if not design.crossed:
                shown[0], spread[0] = shown[1], spread[1]
        return Reliability(design, *shown[0], *shown[1], spread[0], spread[1], self.level, reason)

    def _planned_design(
        self, visits: int, inspectors: int | None, items: int | None, occasions: int | None, of: Of, stores: int | None,
        crossed: bool | None, all_stores: bool,
    ) -> VisitDesign:  # fmt: skip
        layout = self._design
        check_choice("of", of, Of)
        n_stores = (stores or layout.levels("objects")) if of == "chain" else 1
        together = visits * n_stores
        default = visits if of == "store" else min(together, max(layout.levels("inspectors"), 1))
        numbers = {"visits": visits, "inspectors": default if inspectors is None else inspectors, "stores": n_stores,
                   "items": layout.levels("items") if items is None else items,
                   "occasions": visits if occasions is None else occasions}  # fmt: skip
        wrong = {name: n for name, n in numbers.items() if not isinstance(n, (int, np.integer)) or n < 1}
        if wrong:
            raise SpecError(
                "; ".join(f"{name}={n!r} must be a whole number of 1 or more" for name, n in wrong.items()) + "."
            )
        if numbers["inspectors"] > together:
            raise SpecError(f"inspectors={numbers['inspectors']} are more than the {together} visits: each needs one.")
        shared = layout.crossed if crossed is None else crossed
        return VisitDesign(of=of, crossed=shared, all_stores=all_stores, inspected=self._inspected, **numbers)

    def visits_for(
        self, target: float = 0.8, *, kind: Kind = "absolute", inspectors: int | None = None, **design: Any
    ) -> int | None:
        """The fewest visits per store that reach a dependability; None where none up to 1,000 do.

        Parameters
        ----------
        target : wanted Φ or Eρ²
        kind : "absolute" (Φ, pass marks) or "relative" (Eρ², ranks)
        inspectors : different inspectors per store; every visit another one by default. With one inspector severity does not
            average out, and the target may lie out of reach
        design : ``items, of, stores, crossed, all_stores`` as in :meth:`for_design`

        Raises
        ------
        DataError
            If one inspector made all visits and inspectors count: how they differ is not known.
        """
        self._check_known(target, kind, design)
        return self._fewest(target, kind, design, inspectors)

    def visits_range(
        self, target: float = 0.8, *, kind: Kind = "absolute", inspectors: int | None = None, **design: Any
    ) -> tuple[int | None, int | None]:
        """How few and how many visits :meth:`visits_for` may mean: the first numbers whose interval's upper, and lower, end reaches
        the target; None where none up to 1,000 does.

        Few stores leave it open: with an interval of Φ from 0.00 to 1.00 one visit may do, and a thousand may not.
        """
        self._check_known(target, kind, design)
        high, low = (self._fewest(target, f"{kind}_{end}", design, inspectors) for end in ("high", "low"))
        return high, low

    def _check_known(self, target: float, kind: Kind, design: Mapping[str, Any]) -> None:
        check_between("target", target, 0, 1)
        check_choice("kind", kind, Kind)
        shared = self._design.crossed if design.get("crossed") is None else design["crossed"]
        if self._one_inspector and (kind == "absolute" or not shared):
            symbol = "Φ" if kind == "absolute" else "Eρ²"
            raise DataError(
                f"one inspector made all visits: how inspectors differ is not known, and so neither is {symbol}. Let "
                "several inspectors visit, or ask for kind='relative' with crossed=True, ranks as this inspector gives them."
            )

    def _fewest(self, target: float, what: str, design: Mapping[str, Any], inspectors: int | None = None) -> int | None:
        """The fewest visits by halving at which a coefficient, or an end of its interval, reaches the target."""

        def reached(visits: int) -> bool:
            together = visits * (design.get("stores") or 1)
            people = None if inspectors is None else min(inspectors, together)
            return bool(getattr(self.for_design(visits=visits, inspectors=people, **design), what) >= target)

        if not reached(_MOST):
            return None
        low, high = 1, _MOST
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle) else (middle + 1, high)
        return low

    def plan(
        self, visits: Sequence[int] = _VISITS, *, inspectors: Sequence[int] | None = None, target: float = 0.8, of: Of = "store",
        stores: Sequence[int] | None = None, crossed: bool | None = None, all_stores: bool = False,
    ) -> Planned:  # fmt: skip
        """A table of designs: every number of visits with one inspector for all of them and with another one each.

        Parameters
        ----------
        visits : visits per store
        inspectors : numbers of inspectors to look at, those above the visits are left out; by default 1 and one per visit
        target : the dependability that the picture marks
        of, crossed, all_stores : as in :meth:`for_design`
        stores : numbers of stores, for a chain
        """
        check_between("target", target, 0, 1)
        rows = []
        for n_stores in stores or (None,):
            for each in visits:
                together = each * ((n_stores or self._design.levels("objects")) if of == "chain" else 1)
                people = self._people(together, inspectors, of)
                for several in people:
                    found = self.for_design(
                        visits=each, inspectors=several, of=of, stores=n_stores, crossed=crossed, all_stores=all_stores
                    )
                    rows.append({"stores": found.design.stores, "visits": each, "inspectors": several} | {
                        name: getattr(found, name) for name in (
                            "relative", "relative_low", "relative_high", "absolute", "absolute_low", "absolute_high",
                            "relative_error", "absolute_error", "reason")})  # fmt: skip
        frame = pd.DataFrame(rows)
        shared = self._design.crossed if crossed is None else crossed
        return Planned(frame, self.language, called=self.called, target=target, of=of, crossed=shared, inspected=self._inspected, level=self.level,
                       object_name=self._design.columns["objects"], remarks=self._plan_remarks(target, shared, of))  # fmt: skip

    def _people(self, together: int, inspectors: Sequence[int] | None, of: Of) -> list[int]:
        if inspectors is not None:
            return [n for n in inspectors if n <= together] or [together]
        if not self._inspected:
            return [together]
        if self._one_inspector:
            return [1]
        if of == "chain":
            return sorted({1, min(together, self._design.levels("inspectors"))})
        return sorted({1, together})

    def _plan_remarks(self, target: float, crossed: bool, of: Of) -> tuple[Text, ...]:
        """Whose severity counts, and how many visits the target takes."""
        remarks: list[Text] = []
        if self._inspected:
            remarks.append(_SHARED[crossed])
        if of == "store":
            en, zh = [], []
            kinds: tuple[tuple[Kind, str], ...] = (("relative", "Eρ²"), ("absolute", "Φ"))
            for kind, symbol in kinds:
                if self._one_inspector and (kind == "absolute" or not crossed):
                    continue
                n = self._fewest(target, kind, {"crossed": crossed})
                ends = self.visits_range(target, kind=kind, crossed=crossed)
                about = [self._range_words(ends, chinese) for chinese in (False, True)]
                many = n or f"more than {_MOST:,}"
                en.append(f"{symbol} of {target:.2f} takes {many} visit{'' if n == 1 else 's'}{about[0]}")
                zh.append(
                    f"{symbol} 达到 {target:.2f} 需 {n or f'{_MOST:,} 次以上'}{' 次访问' if n else '访问'}{about[1]}"
                )
            each: Text = (
                {"en": ", each by another inspector", "zh": "每次换一名检查员时，"}
                if self._inspected and not self._one_inspector
                else {"en": "", "zh": ""}
            )
            if en:
                remarks.append({"en": ", ".join(en) + each["en"], "zh": each["zh"] + "，".join(zh)})
        return (*remarks, {"en": "negative variances are taken as 0", "zh": "负的方差按 0 计算"})

    # --- inspectors and stores

    @cached_property
    def _predicted(self) -> Any:
        layout, cells = self._design, self.cells
        if "inspectors" not in layout.facets:
            raise SpecError("inspectors are not among the facets of this study: name their column with inspectors=.")
        sizes = (layout.facets["objects"].size, layout.facets["inspectors"].size)
        at = dict(zip(layout.keys, self.variances, strict=True))
        between = (at.get("objects", 0.0) + at.get("groups", 0.0), at.get("inspectors", 0.0))
        variance = self._cell_variance(at)
        return predict_crossed(cells["mean"].to_numpy(), variance, cells["object"].to_numpy(), cells["inspector"].to_numpy(),
                               sizes, between)  # fmt: skip

    def _cell_variance(self, at: Mapping[str, float]) -> Array:
        """Error variance of each cell's mean: all that is neither store nor inspector, over the levels in the cell."""
        total = np.zeros(len(self.cells))
        for key, value in at.items():
            if key not in ("objects", "groups", "inspectors", "items"):
                total += value / self.cells[f"levels {key}"].to_numpy()
        return np.maximum(total, 1e-9 * max(sum(at.values()), 1e-300))

    def severity(self) -> Severity:
        """Every inspector's predicted effect on a score, the most severe first."""
        layout, found = self._design, self._predicted
        inspectors = layout.facets["inspectors"]
        none = dict(zip(layout.keys, self.variances, strict=True)).get("inspectors", 0.0) <= 0
        raw = self._by("inspector")
        low, high = _normal(found.columns, found.column_errors, self.level)
        frame = pd.DataFrame({
            "inspector": list(layout.labels["inspectors"]), "scores": inspectors.counts.astype(int),
            "objects": np.bincount(self.cells["inspector"], minlength=inspectors.size), "raw": raw - self.mean,
            "effect": 0.0 if none else found.columns, "se": np.nan if none else found.column_errors,
            "low": np.nan if none else low, "high": np.nan if none else high,
            "reason": ["one inspector" if self._one_inspector else "no differences" if none else "one object" if alone else ""
                       for alone in layout.alone],
        })  # fmt: skip
        frame = frame.sort_values("effect", kind="stable").reset_index(drop=True)
        return Severity(frame, self.language, called=self.called, level=self.level, columns_of=layout.columns)

    def stores(self) -> AdjustedStores:
        """Every store's score with its inspectors' severity allowed for, the best first."""
        layout, found, cells = self._design, self._predicted, self.cells
        objects = layout.facets["objects"]
        at = dict(zip(layout.keys, self.variances, strict=True))
        none = at.get("objects", 0.0) + at.get("groups", 0.0) <= 0
        none_between = at.get("inspectors", 0.0) <= 0
        w = 1 / self._cell_variance(at)
        effect = np.zeros(len(cells)) if none_between else found.columns[cells["inspector"]]
        less = cells["mean"].to_numpy() - effect
        adjusted = np.bincount(cells["object"], w * less, objects.size) / np.bincount(cells["object"], w, objects.size)
        shrunken = found.mean + found.rows
        low, high = _normal(shrunken, found.row_errors, self.level)
        frame = pd.DataFrame({
            "object": list(layout.labels["objects"]), "scores": objects.counts.astype(int), "inspectors": layout.inspectors,
            "raw": self._by("object"), "adjusted": adjusted, "shrunken": shrunken, "se": found.row_errors, "low": low, "high": high,
            "reason": "no object differences" if none else "",
        })  # fmt: skip
        frame = frame.sort_values("shrunken", ascending=False, kind="stable").reset_index(drop=True)
        return AdjustedStores(frame, self.language, called=self.called, level=self.level, columns_of=layout.columns)

    def _by(self, side: str) -> Array:
        """Plain means of the scores as given, per inspector or store."""
        rows = self.cells.groupby(side)[["total", "rows"]].sum().sort_index()
        return (rows["total"] / rows["rows"]).to_numpy()


def _normal(value: Array, error: Array, level: float) -> tuple[Array, Array]:
    return t_interval(value, error, np.full(len(value), np.inf), level)


# --- the verb ----------------------------------------------------------------------------------------------


def dependability(
    ratings: pd.DataFrame,
    *,
    score: str,
    objects: str = "store",
    inspectors: str | None = "inspector",
    occasions: str | None = None,
    items: str | None = None,
    groups: str | None = None,
    nested: Mapping[str, str] | None = None,
    fixed: Sequence[str] | str = (),
    level: float = 0.95,
    replicates: int = 200,
    seed: int = 0,
    language: Language | None = None,
) -> Dependability:
    """How far do scores tell of the store, and how far of who went there, and when?

    Parameters
    ----------
    ratings : DataFrame, one row per score: a visit, or a visit and an item
    score : numeric column
    objects : what is judged
    inspectors : who judged; None if nobody is named
    occasions : wave, month or visit, where a visit has several rows or occasions repeat
    items : column of the item, where rows are answers and not visits
    groups : chain or centre that each object belongs to, if there are several
    nested : column -> column, for labels that are used again: ``{"visit": "store"}`` if every store has visits 1, 2, 3.
        Labels that never repeat are found to be nested without being told
    fixed : columns whose categories are compared and not drawn: covert or overt, the agency, the scenario
    level, replicates, seed : confidence; simulated studies for errors and intervals
    language : in which the table shows itself; if not given that of the visits, where ``ratings`` is ``scores.per_visit()``

    Returns
    -------
    Dependability
        ``for_design()``, ``visits_for()`` and ``plan()`` say what other designs give, ``severity()`` and ``stores()`` give
        inspectors and stores, ``effects`` the fixed effects with errors from all variances.

    Raises
    ------
    DataError
        If there is one object only, every object has one score or an inspector of its own, scores are no numbers, or the
        facets cannot be told apart.

    Notes
    -----
    Facets that meet are crossed, and their pairs become interactions where at least 5 rows repeat a cell; without repeats an
    interaction is part of the residual, which the note says. Variances: :func:`~servqual.dependability.components.variance_components`,
    unbiased and for that reason sometimes negative; dependability takes these as 0. Errors are those of the same study
    simulated again with normal effects and these variances. Intervals of a variance take a chi-square, shifted so
    that its error is that one. ``Eρ² = σ²_store/(σ²_store + σ²_δ)``, ``Φ = σ²_store/(σ²_store + σ²_Δ)``: Δ holds everything that
    makes a score differ from the store's mean over all inspectors and occasions, δ only what changes the order of stores. If
    stores see different inspectors, severity does change the order: it is left out of δ only where every inspector rated
    every store, or ``crossed=True`` plans it so. Time is linear in the number of rows.

    References
    ----------
    Cronbach, Gleser, Nanda and Rajaratnam (1972), The Dependability of Behavioral Measurements, Wiley. Brennan (2001),
    Generalizability Theory, Springer, doi:10.1007/978-1-4757-3456-0. Mystery shoppers and chains: Finn and Kayandé (1999), Journal
    of Retailing 75, 195-217, doi:10.1016/S0022-4359(99)00004-4; Finn (2001), Journal of Service Research 3, 310-320,
    doi:10.1177/109467050134004. Checked against Shrout and Fleiss (1979), expected mean squares by hand, statsmodels' restricted
    maximum likelihood and simulation with known variances (docs/dependability.md).

    Examples
    --------
    >>> points = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> visits = pd.DataFrame(
    ...     [(s, i, x) for s, row in enumerate(points) for i, x in enumerate(row)], columns=["store", "inspector", "x"]
    ... )
    >>> found = dependability(visits, score="x")
    >>> found.frame[["component", "variance"]].round(3).to_numpy().tolist()
    [['objects', 2.556], ['inspectors', 5.244], ['residual', 1.019]]
    >>> four = found.for_design(visits=4)
    >>> round(four.relative, 3), round(four.absolute, 3), found.visits_for(0.8)
    (0.909, 0.62, 10)
    """
    columns: dict[Facet, str] = {
        facet: name for facet, name in zip(FACETS, (groups, objects, inspectors, occasions, items), strict=True) if name is not None
    }  # fmt: skip
    fixed = [fixed] if isinstance(fixed, str) else list(fixed)
    shown_in: Language = language or getattr(ratings, "attrs", {}).get("language", "en")
    _check_arguments(ratings, columns, score, fixed, level, replicates)
    frame = _usable(ratings, columns, score, fixed)
    effects = fit_linear(frame, score, fixed, SampleDesign(clusters=objects), level=level) if fixed else None
    x = fixed_columns(frame, fixed)
    layout = read_layout(frame, columns, nested or {}, x)
    y = frame[score].to_numpy(float)
    squares = Squares.of([term.grouping for term in layout.terms], x)
    raw = squares.components(y - y.mean())
    raw[np.abs(raw) <= 1e-12 * max(float(y.var()), 1e-300)] = 0.0
    drawn = simulated_components(squares, np.maximum(raw, 0), replicates, seed)
    table = _table(layout, squares, raw, drawn, level)
    if effects is not None:
        effects = with_components(effects, frame, squares.groupings, np.maximum(raw, 0), drawn)
    basis = squares.basis
    plain = y - basis @ (basis.T @ y) + y.mean()
    cells = _cells(layout, y, plain) if "inspectors" in layout.facets else pd.DataFrame()
    return Dependability(
        table, shown_in, layout=layout, effects=effects, n=len(y), n_dropped=len(ratings) - len(y), mean=float(y.mean()), level=level,
        replicates=replicates, seed=seed, score=score, cells=cells, drawn=drawn,
    )  # fmt: skip


def _check_arguments(
    ratings: pd.DataFrame, columns: Mapping[Facet, str], score: str, fixed: Sequence[str], level: float, replicates: int
) -> None:
    if not isinstance(ratings, pd.DataFrame):
        raise SpecError(f"ratings must be a DataFrame, not {type(ratings).__name__}.")
    check_facets(columns, score, fixed)
    check_columns([score, *columns.values(), *fixed], ratings.columns, "the table of ratings")
    check_between("level", level, 0, 1)
    if not isinstance(replicates, int) or replicates < 100:
        raise SpecError(f"replicates={replicates!r} must be a whole number of 100 or more.")


def _usable(ratings: pd.DataFrame, columns: Mapping[Facet, str], score: str, fixed: Sequence[str]) -> pd.DataFrame:
    """Rows with everything there, scores as numbers."""
    wanted = [score, *columns.values(), *fixed]
    frame = ratings.loc[:, wanted].reset_index(drop=True)
    numbers = pd.to_numeric(frame[score], errors="coerce").astype(float)
    wrong = frame[score].notna() & ~np.isfinite(numbers)
    if wrong.any():
        cases = pd.DataFrame({"row": np.flatnonzero(wrong) + 2, "column": score, "value": frame.loc[wrong, score].tolist(),
                              "problem": "no number"})  # fmt: skip
        listed = ", ".join(
            f"{value!r} (row {row})" for row, value in zip(cases["row"].head(6), cases["value"], strict=False)
        )
        raise DataError(
            f"{len(cases)} values of {score!r} are no numbers: {listed}. Correct them or leave them empty.", cases
        )
    frame[score] = numbers
    kept = frame.dropna().reset_index(drop=True)
    if len(kept) < 3:
        raise DataError(
            f"only {len(kept)} of {len(frame)} rows have a {score} and all facets; variances need many more."
        )
    if kept[score].nunique() == 1:
        raise DataError(f"all values of {score!r} are {kept[score].iloc[0]:g}: there is no variance to share out.")
    return kept


def _table(layout: FacetLayout, squares: Squares, raw: Array, drawn: Array, level: float) -> pd.DataFrame:
    cut = np.maximum(raw, 0)
    se = drawn.std(axis=0, ddof=1)
    low, high = _variance_bounds(raw, se, _freedom(layout, len(squares.basis)), level)
    sizes = [term.grouping.size for term in layout.terms]
    few = [size < _FEW for size in sizes] + [False]
    reasons = ["negative" if value < 0 else "few" if small else "" for value, small in zip(raw, few, strict=True)]
    return pd.DataFrame({
        "component": layout.keys, "levels": [*sizes, len(squares.basis)], "variance": raw, "se": se,
        "low": low, "high": high, "truncated": cut, "share": cut / cut.sum(), "reason": reasons,
    })  # fmt: skip


def _variance_bounds(raw: Array, se: Array, freedom: Array, level: float) -> tuple[Array, Array]:
    """Bounds of variances from a chi-square that is shifted until it has the standard error.

    ``σ̂² + h`` is taken for ``(σ² + h) χ²_f/f``, where f are the degrees of freedom of the levels and h makes the standard error
    right: the part of a mean square that is not this variance. In one-way balanced data ``σ̂² + h`` is the mean square of the
    groups. Where the levels alone would make the error larger than it is, h = 0 and f follows from the error.
    """
    from scipy.special import chdtri

    value, shift = np.maximum(raw, 0), _shifts(raw, se, freedom)
    with np.errstate(divide="ignore"):
        f = np.where(shift > 0, freedom, np.maximum(2 * (value / se) ** 2, freedom))
    total = np.maximum(raw + shift, 0.0)
    tails = [f / chdtri(f, tail) for tail in ((1 - level) / 2, (1 + level) / 2)]
    low, high = (np.maximum(total * tail - shift, 0.0) for tail in tails)
    return low, high


def _shifts(raw: Array, se: Array, freedom: Array) -> Array:
    """What each mean square holds of other variances, as the standard error shows."""
    return np.maximum(se * np.sqrt(freedom / 2) - np.maximum(raw, 0), 0.0)


def _freedom(layout: FacetLayout, rows: int) -> Array:
    """Degrees of freedom of each term: levels less those of what it is nested in or made of; the residual has the rest."""
    sizes = {frozenset(term.own): term.grouping.size for term in layout.terms}
    found: list[int] = []
    for term in layout.terms:
        if len(term.own) == 2:
            spent = sum(sizes.get(frozenset([facet]), 1) for facet in term.own) - 1
        else:
            spent = max((sizes.get(frozenset([facet]), 1) for facet in term.within), default=1)
        found.append(max(term.grouping.size - spent, 1))
    return np.array([*found, max(rows - 1 - sum(found), 1)], dtype=float)


def _cells(layout: FacetLayout, y: Array, plain: Array) -> pd.DataFrame:
    """Cells of store and inspector: their mean without fixed and item effects, and how many levels of each term they hold."""
    objects, inspectors = layout.facets["objects"], layout.facets["inspectors"]
    cell = objects.crossed(inspectors)
    if "items" in layout.facets:
        items = layout.facets["items"]
        plain = plain - (items.sums(plain) / items.counts)[items.codes] + plain.mean()
    first = np.zeros(cell.size, dtype=int)
    first[cell.codes] = np.arange(len(y))
    table = {"object": objects.codes[first], "inspector": inspectors.codes[first], "rows": cell.counts,
             "total": cell.sums(y), "mean": cell.sums(plain) / cell.counts, "levels residual": cell.counts}  # fmt: skip
    for term in layout.terms:
        a, _, _ = cell.table(term.grouping)
        table[f"levels {term.key}"] = np.bincount(a, minlength=cell.size)
    return pd.DataFrame(table)
