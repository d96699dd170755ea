"""What is important and done badly? The map of importance and performance, with the chance of every quadrant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.importance import NOT_CAUSAL, chance_words
from servqual.drivers.question import FAULTS, Labels
from servqual.inference import NUMBER_COLUMNS, Interval, t_interval
from servqual.priorities.chances import FEWEST_PULLED, QUADRANT_NAMES, joint_draws, quadrant_chances, quadrants_of
from servqual.priorities.positions import Importance, Method, Of, Positions, Standing, check_two, read_positions, refuse
from servqual.tabulation import Estimates
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Result, Text, say, spaced
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.responses import Responses

Array = NDArray[Any]
Crosshairs = Literal["mean", "median", "midpoint", "diagonal"]

QUADRANTS: Mapping[str, Text] = {
    "concentrate_here": {"en": "concentrate here", "zh": "重点改进"},
    "keep_up": {"en": "keep up the good work", "zh": "继续保持"},
    "low_priority": {"en": "low priority", "zh": "低优先级"},
    "possible_overkill": {"en": "possible overkill", "zh": "可能过度"},
}
RULES: Mapping[str, Text] = {
    "mean": {"en": "mean of the items", "zh": "各项均值"},
    "median": {"en": "median of the items", "zh": "各项中位数"},
    "midpoint": {"en": "middle of the scale", "zh": "量表中点"},
    "diagonal": {"en": "diagonal (importance = performance), else means", "zh": "对角线（重要性 = 绩效），其余按均值"},
}
PLACE_REASONS: Mapping[str, Text] = {
    **FAULTS,
    "few items": {"en": "fewer than two items have both numbers", "zh": "两项数值齐全的项目不足两个"},
    "flat importance": {"en": "all items are equally important: no quadrants", "zh": "各项重要性相同，无法划分象限"},
    "no error": {"en": "no error can be computed, hence no chances", "zh": "无法计算误差，故无概率"},
}
PITFALLS: Mapping[str, Text] = {
    "alike": {"en": "items hardly differ in importance", "zh": "各项重要性差别很小"},
    "ceiling": {"en": "stated importance sits at the ceiling", "zh": "自述重要性集中于上限"},
    "together": {"en": "importance and performance go together across items", "zh": "各项的重要性与绩效相关"},
}
_LIKELY = 0.5  # chance from which an item is said to lie in a quadrant; below it stands on the line
_MOST_TOLD = 2  # groups whose pitfalls are told one by one
_FAR = 0.9  # where on the scale the ceiling of importance begins
_ALIKE = 0.5  # correlation of importance and performance across items that is told
_UNTOLD = 0.5  # share of the items' spread in importance that chance explains, above which that is told

_TAKEN = (
    "item", "importance", "importance_se", "importance_low", "importance_high", "performance", "performance_se", "performance_low",
    "performance_high", "covariance", "importance_cut", "performance_cut", "quadrant", "chance", *QUADRANT_NAMES, "likeliest",
    "pulled_importance", "pulled_performance", "n", "df", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Placed:
    """The items of one group that have a place, and the truths that their estimates leave open.

    Attributes
    ----------
    standing : all items
    known : (k,) which of them have a place
    draws : (d, known, 2) truths, in the order of the items; None where no error can be computed
    """

    standing: Standing
    known: Array
    draws: Array | None


@dataclass(frozen=True, eq=False, repr=False)
class Quadrants(Estimates):
    """Each item's place on the map of importance and performance, one row per group and item.

    Frame columns: the split columns, ``item``; ``importance`` and ``performance``, each with ``_se, _low, _high``;
    ``covariance`` of the two errors; ``importance_cut, performance_cut``, the crosshairs; ``quadrant`` of the estimates
    and ``chance``, its chance to be the true one; ``concentrate_here, keep_up, low_priority, possible_overkill``, the
    chance of each; ``likeliest``, the quadrant with the largest; ``pulled_importance, pulled_performance``, the means
    of the draws behind the chances; ``n`` answers behind the performance, ``df, reason``.

    Attributes
    ----------
    crosshairs : the rule of the crosshairs
    positions, placed : the estimates with the covariance of all errors, and the draws behind the chances, per group
    n_draws, seed : how many draws, and from which seed
    """

    crosshairs: Crosshairs = "mean"
    positions: Positions = field(default=None)  # type: ignore[assignment]
    placed: tuple[Placed, ...] = ()
    n_draws: int = 2000
    seed: int = 0

    @property
    def labels(self) -> Mapping[str, Text]:
        """What the items are called."""
        return self.positions.labels

    def label(self, item: str) -> str:
        """What one item is called."""
        return say(self.labels.get(item, {"en": item}), self.language)

    def title(self) -> str:
        return self.titled({"en": "Importance and performance", "zh": "重要性—绩效分析"})

    def columns(self) -> tuple[Column, ...]:
        low, high = NUMBER_COLUMNS["low"].label, NUMBER_COLUMNS["high"].label
        served = (
            ("gap", "gap (P − E)", "差距（P − E）")
            if self.positions.performance == "gap"
            else ("", "performance", "绩效")
        )
        signed = "signed" if served[0] else "number"
        return (
            *self.by_columns,
            Column("item", {"en": "item", "zh": "项目"}, "text", self.labels),
            Column("importance", self.positions.heading, "number"),
            Column("importance_low", low, "number"), Column("importance_high", high, "number"),
            Column("performance", {"en": served[1], "zh": served[2]}, signed),  # type: ignore[arg-type]
            Column("performance_low", low, signed), Column("performance_high", high, signed),  # type: ignore[arg-type]
            Column("quadrant", {"en": "quadrant", "zh": "象限"}, "text", QUADRANTS),
            Column("chance", {"en": "chance", "zh": "概率"}, "share"),
            *(Column(name, QUADRANTS[name], "share") for name in QUADRANT_NAMES),
            Column("n", NUMBER_COLUMNS["n"].label, "count"),
            *self.reasons(PLACE_REASONS),
        )  # fmt: skip

    def about(self) -> tuple[Text, ...]:
        rule = RULES[self.crosshairs]
        anew: Text = {"en": ", crosshairs set anew in each", "zh": "，每次重新设定十字线"}
        drawn = drawn_words({"en": "chances", "zh": "概率"}, self, anew)
        causal = () if self.positions.stated else (NOT_CAUSAL,)
        return (
            {"en": f"crosshairs: {rule['en']}", "zh": f"十字线：{rule['zh']}"},
            *drawn,
            *self.warnings(),
            *causal,
        )

    def warnings(self) -> tuple[Text, ...]:
        """Where such a map misleads: importance that hardly differs, sits at the ceiling, or goes with performance."""
        told: dict[str, list[Text]] = {}
        english, chinese = self.in_language("en"), self.in_language("zh")
        for placed in self.placed:
            value, label = placed.standing.value[placed.known], placed.standing.label
            for kind, words in self._pitfalls(placed, value) if len(value) >= FEWEST_PULLED else ():
                en, zh = (f" ({english.group(label)})", f"（{chinese.group(label)}）") if self.by else ("", "")
                told.setdefault(kind, []).append({"en": words["en"] + en, "zh": words["zh"] + zh})
        found: list[Text] = []
        for kind, several in told.items():
            m, n, general = len(several), len(self.placed), PITFALLS[kind]
            many: Text = {"en": f"{general['en']} in {m} of {n} groups", "zh": f"{n} 组中有 {m} 组{general['zh']}"}
            found += several if m <= _MOST_TOLD else [many]
        return tuple(found)

    def _pitfalls(self, placed: Placed, value: Array) -> list[tuple[str, Text]]:
        found: list[tuple[str, Text]] = []
        scale, k, share = self.positions.scale, len(value), by_chance(placed)
        if share > _UNTOLD:
            percent = f"{100 * min(share, 1):.0f}%"
            found.append(("alike", {
                "en": f"items differ little in importance: {percent} of what is seen would come of chance alone, so the crosshair hardly "
                "tells them apart",
                "zh": f"各项重要性差别很小：所见差异的 {percent} 可由偶然产生，难分高低",
            }))  # fmt: skip
        rated = self.positions.one_scale and scale is not None
        top = int((value[:, 0] >= scale[0] + _FAR * (scale[1] - scale[0])).sum()) if rated and scale else 0
        if top > k / 2:
            found.append(("ceiling", {
                "en": f"stated importance sits at the ceiling: {top} of {k} items lie in the top tenth of the scale; ask for points, or "
                "derive importance",
                "zh": f"自述重要性集中于上限：{k} 项中有 {top} 项处于量表最高十分之一，宜改用赋分或推导重要性",
            }))  # fmt: skip
        r = float(np.corrcoef(value.T)[0, 1]) if np.ptp(value[:, 1]) > 0 else 0.0
        if abs(r) > _ALIKE:
            shown = f"{r:.2f}".replace("-", "−")
            found.append(("together", {
                "en": f"importance and performance go together across items (r = {shown}): items line up along a diagonal, and the "
                "quadrants off it stay empty",
                "zh": f"各项的重要性与绩效相关（r = {shown}）：项目沿对角线排列，另两个象限较空",
            }))  # fmt: skip
        return found

    def row(self, item: str, **group: Any) -> pd.Series:
        """The numbers of one item, in one group where the result is split."""
        return self.find("item", item, group, "Items")

    def within(self, quadrant: str, **group: Any) -> list[str]:
        """The items whose estimates lie in a quadrant, the surest first."""
        if quadrant not in QUADRANT_NAMES:
            raise SpecError(f"quadrant={quadrant!r} is not known. Choose one of {', '.join(QUADRANT_NAMES)}.")
        rows = self._of_group(group)
        rows = rows[rows["quadrant"] == quadrant]
        return list(rows.sort_values("chance", ascending=False, kind="stable")["item"])

    def _of_group(self, group: Mapping[str, Any]) -> pd.DataFrame:
        if set(group) != set(self.by):
            self.find_all("item", self.frame["item"].iloc[0], group)  # says which values are wanted
        rows = self.frame
        for name, value in group.items():
            rows = rows[rows[name] == value]
        return rows

    def sentence(self, item: str | None = None, **group: Any) -> str:
        """One item in words; without a name, the items to concentrate on.

        An item whose quadrant has a chance under one half is not said to lie in it, but to stand on the line.
        """
        if item is None:
            return self._first_of_all(group)
        row, zh = self.row(item, **group), self.language == "zh"
        name = self.beside(self.label(item), row)
        if not row["quadrant"]:
            return self.nothing(name, "place", say(PLACE_REASONS[row["reason"]], self.language))
        columns = {column.name: column for column in self.columns()}
        level = f"{100 * self.level:g}%"
        told = []
        for which in ("importance", "performance"):
            value, low, high = (
                columns[each].show(row[each], "en") for each in (which, f"{which}_low", f"{which}_high")
            )
            known = np.isfinite(row[f"{which}_low"])
            heading = columns[which].heading(self.language)
            told.append(
                f"{heading} {value}"
                + (
                    ""
                    if not known
                    else f"（{level} 置信区间 {low} 至 {high}）"
                    if zh
                    else f" ({level} CI {low} to {high})"
                )
            )
        if zh:
            return spaced(f"{name}：{told[0]}，{told[1]}，{self._placed(row)}。")
        return f"{name}: {told[0]}, {told[1]}; {self._placed(row)}."

    def _placed(self, row: pd.Series) -> str:
        """The quadrant of an item, or the two it most likely stands between, in words."""
        zh, chance = self.language == "zh", float(row["chance"])
        quadrant = say(QUADRANTS[row["quadrant"]], self.language)
        if np.isfinite(chance) and chance < _LIKELY:
            known = row[list(QUADRANT_NAMES)].astype(float).sort_values(ascending=False, kind="stable")
            one, two = (f"“{say(QUADRANTS[key], self.language)}”{self._bracket(known[key])}" for key in known.index[:2])
            return f"处于交界：{one}与{two}之间" if zh else f"on the line between {one} and {two}"
        if not np.isfinite(chance):
            return f"属于“{quadrant}”" if zh else quadrant
        told = chance_words(chance, self.language)
        return f"属于“{quadrant}”（概率 {told}）" if zh else f"{quadrant} (chance {told})"

    def _bracket(self, chance: float) -> str:
        """A chance in brackets; nothing where there is none."""
        if not np.isfinite(chance):
            return ""
        return f"（{chance_words(chance, 'zh')}）" if self.language == "zh" else f" ({chance_words(chance, 'en')})"

    def _first_of_all(self, group: Mapping[str, Any]) -> str:
        items, zh = self.within("concentrate_here", **group), self.language == "zh"
        rows = self._of_group(group).set_index("item")
        place = self.group([group[name] for name in self.by]) if self.by else ""
        if not items:
            return (
                (f"{place}：" if place else "") + "没有项目属于“重点改进”。"
                if zh
                else (f"{place}: " if place else "") + "no item lies under “concentrate here”."
            )
        chances = rows["chance"]
        open_ = [item for item in items if chances[item] < _LIKELY]  # where there are no chances none is open
        sure, line = (
            ("、" if zh else ", ").join(self.label(item) + self._bracket(float(chances[item])) for item in several)
            for several in ([item for item in items if item not in open_], open_)
        )
        if zh:
            first = f"重点改进（括号内为概率）：{sure}" if sure else "没有项目有一半以上的概率属于“重点改进”"
            return spaced((f"{place}，" if place else "") + first + (f"；处于交界：{line}" if line else "") + "。")
        first = (f"{place}, c" if place else "C") + f"oncentrate here (chance in brackets): {sure}"
        if not sure:
            first = (
                f"{place}, n" if place else "N"
            ) + "o item lies under “concentrate here” with a chance of half or more"
        return first + (f"; on the line: {line}" if line else "") + "."

    def ellipse(self, item: str, points: int = 100, **group: Any) -> Array:
        """(points, 2) outline of the region that holds the item's true importance and performance with the result's
        confidence.

        ``(x − m)' V⁻¹ (x − m) = 2 d/(d − 1) F(2, d − 1)`` with V the covariance of the two errors and d its degrees of
        freedom (Hotelling's T²). Nan where no error can be computed.
        """
        from scipy.stats import f

        row = self.row(item, **group)
        v = np.array([[row["importance_se"] ** 2, row["covariance"]], [row["covariance"], row["performance_se"] ** 2]])
        if not np.isfinite(v).all() or not row["df"] > 1:
            return np.full((points, 2), np.nan)
        d = min(row["df"], 1e9)
        radius = np.sqrt(2 * d / (d - 1) * f.ppf(self.level, 2, d - 1))
        size, axes = np.linalg.eigh(v)
        turn = np.linspace(0, 2 * np.pi, points)
        circle = np.column_stack([np.cos(turn), np.sin(turn)])
        return np.asarray(
            [row["importance"], row["performance"]] + radius * circle * np.sqrt(np.clip(size, 0, None)) @ axes.T
        )

    def rules(self) -> Rules:
        """The quadrant of every item under all four rules, side by side, and which items move."""
        frames = []
        for placed in self.placed:
            table = pd.DataFrame({**{n: [v] * len(self.positions.items) for n, v in zip(self.by, placed.standing.label, strict=True)},
                                  "item": list(self.positions.items)})  # fmt: skip
            for rule in RULES:
                table[rule] = _named(placed, self.positions, rule)
            tried = table[[rule for rule in RULES if (table[rule] != "").any()]]
            table["moves"] = tried.nunique(axis=1) > 1
            frames.append(table)
        found = {rule: _obstacle(self.positions, rule) for rule in RULES}
        return Rules(pd.concat(frames, ignore_index=True), self.language, by_columns=self.by_columns, labels=self.labels,
                     obstacles={rule: why for rule, why in found.items() if why is not None})  # fmt: skip

    def plot(self, ax: Axes | None = None) -> Axes:
        """The map with its crosshairs, the ellipses, and the chance of each item's quadrant."""
        from servqual.plots.priorities import draw_quadrants

        return draw_quadrants(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class Rules(Result):
    """Every item's quadrant under four rules of the crosshairs; ``moves`` where they do not agree.

    Attributes
    ----------
    obstacles : rule -> why it does not apply
    """

    by_columns: tuple[Column, ...] = ()
    labels: Mapping[str, Text] = field(default_factory=dict)
    obstacles: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return "四种十字线规则下的象限" if self.language == "zh" else "Quadrants under four rules of the crosshairs"

    def columns(self) -> tuple[Column, ...]:
        moves: Mapping[str, Text] = {"True": {"en": "moves", "zh": "变动"}, "False": {"en": "", "zh": ""}}
        return (*self.by_columns, Column("item", {"en": "item", "zh": "项目"}, "text", self.labels),
                *(Column(rule, RULES[rule], "text", QUADRANTS) for rule in RULES if rule not in self.obstacles),
                Column("moves", {"en": "moves", "zh": "是否变动"}, "text", _BySpelling(moves)))  # fmt: skip

    def moving(self) -> list[str]:
        """The items that change their quadrant with the rule."""
        return list(dict.fromkeys(self.frame.loc[self.frame["moves"], "item"]))

    def sentence(self) -> str:
        """How much hangs on the rule; where all items move, which of them move between mean and median, the nearest rules."""
        moving, zh = self.moving(), self.language == "zh"
        k, m = self.frame["item"].nunique(), len(moving)
        if not m:
            return "各规则下象限一致。" if zh else "All rules give the same quadrants."
        if m == k > 1:
            return self._all_move(k)
        if zh:
            return spaced(f"{k} 项中有 {m} 项的象限取决于规则：{self._listed(moving)}。")
        return f"{m} of {k} items change{'s' if m == 1 else ''} quadrant with the rule: {self._listed(moving)}."

    def _all_move(self, k: int) -> str:
        """That no item keeps its quadrant, and who moves between mean and median."""
        near = list(dict.fromkeys(self.frame.loc[self.frame["mean"] != self.frame["median"], "item"]))
        n, listed = len(near), f": {self._listed(near)}" if 0 < len(near) < k else ""
        if self.language == "zh":
            less = f"均值与中位数之间有 {n} 项不同{listed.replace(': ', '：')}" if n else "均值与中位数给出相同的象限"
            return spaced(f"全部 {k} 项的象限都取决于规则；{less}。")
        less = (
            f"between mean and median {n} of them {'does' if n == 1 else 'do'}{listed}"
            if n
            else "mean and median give the same ones"
        )
        return f"All {k} items change quadrant with the rule; {less}."

    def _listed(self, items: Sequence[str]) -> str:
        glue = "、" if self.language == "zh" else ", "
        return glue.join(say(self.labels.get(name, {"en": name}), self.language) for name in items)

    def note(self) -> str:
        why = [say(reason, self.language) for reason in self.obstacles.values()]
        glue, stop = ("；", "。") if self.language == "zh" else ("; ", ".")
        return self.sentence() + ("" if not why else ("" if self.language == "zh" else " ") + glue.join(why) + stop)


class _BySpelling(dict[Any, Text]):
    """Words looked up by how a value is spelt, since a truth value is no text."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(str(key), default)


def drawn_words(what: Text, quadrants: Quadrants, more: Text) -> tuple[Text, ...]:
    """What chances are, and whether items were pulled; nothing where no group has any."""
    sizes = [int(placed.known.sum()) for placed in quadrants.placed if placed.draws is not None]
    if not sizes:
        return ()
    n, seed = f"{quadrants.n_draws:,}", quadrants.seed
    pulled: Text = {
        "en": f"{what['en']}: {n} joint draws (seed {seed}) of the true values, each item pulled towards the mean of all as far as its error "
        f"asks for{more['en']}",
        "zh": f"{what['zh']}：真值联合抽取 {n} 次（种子 {seed}），各项按误差大小向总体均值收缩{more['zh']}",
    }
    unpulled: Text = {
        "en": f"{what['en']}: {n} joint draws (seed {seed}) about the estimates{more['en']}; fewer than {FEWEST_PULLED} items are too few "
        "to learn how they differ, so nothing is pulled and chances claim too much",
        "zh": f"{what['zh']}：围绕估计值联合抽取 {n} 次（种子 {seed}）{more['zh']}；不足 {FEWEST_PULLED} 项，无法估计项目间差异，未作收缩，概率偏于乐观",
    }
    return ((pulled,) if max(sizes) >= FEWEST_PULLED else ()) + ((unpulled,) if min(sizes) < FEWEST_PULLED else ())


# --- verb --------------------------------------------------------------------------------------------------


def importance_performance(
    data: Responses | pd.DataFrame,
    *,
    importance: Importance = "stated",
    performance: str | Sequence[str] | Mapping[str, str] = "perception",
    of: Of = "items",
    crosshairs: Crosshairs = "mean",
    outcome: str | None = None,
    method: Method = "correlation",
    scale: tuple[float, float] | None = None,
    by: str | Sequence[str] | None = None,
    design: SampleDesign | None = None,
    labels: Labels | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Quadrants:
    """Importance against performance: the quadrant of each item, and the chance that it is the true one.

    Parameters
    ----------
    data : Responses, or a frame with one row per respondent
    importance : what counts how much
        "stated" (expectations, of the same or of other people), "derived" (from an outcome), item -> column of ratings
        or points, item -> number, or the result of :func:`servqual.drivers.drivers`.
    performance : "perception" or "gap" (P − E) for responses; for a frame a list of columns, or item -> column
    of : "items" or "dimensions" of the instrument
    crosshairs : {"mean", "median", "midpoint", "diagonal"}
        Mean or median of the items, middle of the scale, or the line where importance equals performance.
    outcome, method : what importance is derived from, and how: "correlation" (Pearson's r), "spearman", "regression",
    "shapley", "johnson"
    scale : lowest and highest rating of a frame; needed for "midpoint" and the warning about the ceiling
    by : column or columns to split by
    design : sample design of a frame; responses bring their own
    labels : item -> what it is called, for a frame
    level : confidence of intervals and ellipses
    interval : Taylor(), Student(), Bootstrap() or Jackknife(); by default by the design
    seed, draws : of the chances

    Returns
    -------
    Quadrants

    Notes
    -----
    ``importance ≥ cut`` and ``performance < cut`` is to concentrate on; both at or above, keep up; both below, low
    priority; the rest, possible overkill. Under "diagonal" all items that perform below their importance are to
    concentrate on, and the means part the others.

    **Chances.** The crosshairs are estimates too, the points err together (one respondent rates them all), and of many
    items the extreme ones were partly lucky. So the truths of all items are drawn together from
    :func:`servqual.priorities.chances.joint_draws`, the crosshairs are set in each draw, and the quadrants counted.
    Simulated with known truths, statements of 75–85% come true about as often (docs/chances.md); shares of a raw
    bootstrap come true less often than they say.

    How to read it: an item in a quadrant with a chance of 55% is not in that quadrant; it is on the line.

    Raises
    ------
    DataError, SpecError
        If all items are equally important, fewer than two have both numbers, an item is unknown, or the rule does not
        suit the numbers.

    References
    ----------
    Martilla and James (1977), Journal of Marketing 41(1), 77-79, doi:10.1177/002224297704100112. Abalo, Varela and
    Manzano (2007), Journal of Business Research 60, 115-121, doi:10.1016/j.jbusres.2006.10.009 (diagonal). Oh (2001),
    Tourism Management 22, 617-627, doi:10.1016/S0261-5177(01)00036-X (pitfalls). Checked against an independent
    computation on two data sets, and by simulation (tests/test_priorities.py, tests/test_chances.py).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mood = rng.normal(size=(300, 1))
    >>> wanted = np.array([6.5, 6.3, 5.0, 4.8]) + 0.5 * mood + rng.normal(size=(300, 4))
    >>> met = np.array([4.0, 5.8, 4.2, 6.0]) + 0.5 * mood + rng.normal(size=(300, 4))
    >>> names = ["waiting", "staff", "music", "parking"]
    >>> frame = pd.DataFrame(
    ...     np.hstack([wanted, met]), columns=[*(f"want_{n}" for n in names), *(f"met_{n}" for n in names)]
    ... )
    >>> found = importance_performance(
    ...     frame, importance={n: f"want_{n}" for n in names}, performance={n: f"met_{n}" for n in names}
    ... )
    >>> found.frame["quadrant"].tolist()
    ['concentrate_here', 'keep_up', 'low_priority', 'possible_overkill']
    >>> found.sentence()
    'Concentrate here (chance in brackets): waiting (over 99%).'
    """
    check_between("level", level, 0, 1)
    check_choice("crosshairs", crosshairs, Crosshairs)
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 100:
        raise SpecError(f"draws={draws!r} must be a whole number of 100 or more.")
    if scale is not None and not scale[0] < scale[1]:
        raise SpecError(f"scale={scale!r} must be the lowest and the highest rating.")
    positions = read_positions(data, importance=importance, performance=performance, of=of, outcome=outcome, method=method, scale=scale,
                               by=by, design=design, labels=labels, interval=interval, taken=_TAKEN)  # fmt: skip
    obstacle = _obstacle(positions, crosshairs)
    if obstacle is not None:
        raise SpecError(f"crosshairs={crosshairs!r}: {obstacle['en']}. Choose 'mean' or 'median'.")
    placed = tuple(_place(standing, positions, draws, seed) for standing in positions.groups)
    frames = [_rows(each, positions, crosshairs, level) for each in placed]
    return Quadrants(
        pd.concat(frames, ignore_index=True), positions.language, level=level, interval=positions.interval, remarks=positions.remarks,
        cautious=positions.design.selection != "probability", by=positions.by, by_columns=positions.by_columns, crosshairs=crosshairs,
        positions=positions, placed=placed, n_draws=int(draws), seed=seed,
    )  # fmt: skip


def _obstacle(positions: Positions, rule: str) -> Text | None:
    """Why a rule does not suit the numbers, None where it does."""
    if rule not in ("midpoint", "diagonal"):
        return None
    if not positions.stated and rule == "midpoint":
        return {
            "en": "derived importance has no scale, hence no middle of it",
            "zh": "推导重要性没有量表，也就没有中点",
        }
    if rule == "diagonal" and (not positions.stated or positions.performance == "gap"):
        return {
            "en": "importance and performance have different units, so no line marks where they are equal",
            "zh": "重要性与绩效单位不同，对角线无意义",
        }
    if not positions.one_scale or positions.scale is None:
        return {"en": "importance is not known to be rated on the scale of the performance: give scale=(lowest, highest) if it is",
                "zh": "未知重要性与绩效是否采用同一量表：若是，请给出 scale=(最低, 最高)"}  # fmt: skip
    return None


def _cut(positions: Positions, rule: str) -> Callable[[Array], Array]:
    """Crosshairs (..., 2) of points (..., k, 2)."""
    if rule == "median":
        return lambda points: np.median(points, axis=-2)
    if rule == "midpoint" and positions.scale:
        middle = sum(positions.scale) / 2
        fixed = np.array([middle, 0.0 if positions.performance == "gap" else middle])
        return lambda points: np.broadcast_to(fixed, (*points.shape[:-2], 2))
    return lambda points: points.mean(axis=-2)


def _place(standing: Standing, positions: Positions, draws: int, seed: int) -> Placed:
    """The items that have a place, and their draws."""
    reason = check_two(standing)
    if reason and not positions.by:
        raise refuse(reason, standing, positions)
    known: Array = np.isfinite(standing.value).all(axis=1) & np.full(len(standing.value), not reason)
    sure: Array = known & (standing.degrees > 0).all(axis=1)
    if sure.sum() >= 2:
        known = sure
    if reason or not sure.any() or sure.sum() < 2:
        return Placed(standing, known, None)
    names = [name for name, used in zip(positions.items, known, strict=True) if used]
    order = np.flatnonzero(known)[
        np.argsort(names, kind="stable")
    ]  # numbers go to items by name: their order changes nothing
    both = np.concatenate([order, len(known) + order])
    covariance = standing.covariance[np.ix_(both, both)]
    if not np.isfinite(covariance).all():
        return Placed(standing, known, None)
    finite = standing.df[both][np.isfinite(standing.df[both])]
    drawn = joint_draws(standing.value[order], covariance, float(finite.min(initial=np.inf)), draws, seed)
    return Placed(standing, known, drawn[:, np.argsort(np.argsort(names, kind="stable"))])


def _named(placed: Placed, positions: Positions, rule: str) -> list[str]:
    """Each item's quadrant under one rule; "" where it has no place, or the rule does not apply."""
    out = [""] * len(positions.items)
    if _obstacle(positions, rule) is None and placed.known.any():
        points = placed.standing.value[placed.known]
        for place, q in zip(
            np.flatnonzero(placed.known),
            quadrants_of(points, _cut(positions, rule)(points), rule == "diagonal"),
            strict=True,
        ):
            out[place] = QUADRANT_NAMES[q]
    return out


def _rows(placed: Placed, positions: Positions, rule: Crosshairs, level: float) -> pd.DataFrame:
    standing, known, k = placed.standing, placed.known, len(positions.items)
    se = np.where(standing.degrees > 0, standing.se, np.nan)
    low, high = t_interval(standing.value, se, np.minimum(standing.degrees, 1e9), level)
    covariance = np.diagonal(standing.covariance[:k, k:])
    cut, chances, pulled = _cut(positions, rule), np.full((k, 4), np.nan), np.full((k, 2), np.nan)
    cuts = cut(standing.value[known]) if known.any() else np.full(2, np.nan)
    if placed.draws is not None:
        chances[known] = quadrant_chances(placed.draws, cut, rule == "diagonal")
        pulled[known] = placed.draws.mean(axis=0)
    named = _named(placed, positions, rule)
    chance = [chances[j, QUADRANT_NAMES.index(q)] if q else np.nan for j, q in enumerate(named)]
    likeliest = [QUADRANT_NAMES[int(np.argmax(line))] if np.isfinite(line).all() else "" for line in chances]
    frame: dict[str, Any] = {
        **{name: [value] * k for name, value in zip(positions.by, standing.label, strict=True)},
        "item": list(positions.items),
    }
    for j, which in enumerate(("importance", "performance")):
        frame |= {
            which: standing.value[:, j],
            f"{which}_se": se[:, j],
            f"{which}_low": low[:, j],
            f"{which}_high": high[:, j],
        }
    frame |= {"covariance": np.where(np.isfinite(se).all(axis=1), covariance, np.nan), "importance_cut": cuts[0], "performance_cut": cuts[1],
              "quadrant": named, "chance": chance, **{name: chances[:, q] for q, name in enumerate(QUADRANT_NAMES)}, "likeliest": likeliest,
              "pulled_importance": pulled[:, 0], "pulled_performance": pulled[:, 1], "n": standing.n, "df": standing.degrees.min(axis=1),
              "reason": _reasons(placed)}  # fmt: skip
    return pd.DataFrame(frame)


def _reasons(placed: Placed) -> list[str]:
    """Why an item has no place or no chance, or how its errors must be read; "" where nothing is to say."""
    standing, whole = placed.standing, check_two(placed.standing)
    return [
        _reason(placed, j, bool(known), whole, np.isfinite(standing.value[j]).all())
        for j, known in enumerate(placed.known)
    ]


def _reason(placed: Placed, j: int, known: bool, whole: str, finite: bool) -> str:
    standing = placed.standing
    if not finite:
        return standing.reason or "nobody"
    if whole or not known:
        return whole or ("one answer" if standing.n[j] == 1 else "no df")
    if placed.draws is None:
        return "no error"
    if standing.se[j].max() == 0 and standing.degrees[j].min() < np.inf:
        return "no variation"
    return "one cluster" if standing.lone else ""


def by_chance(placed: Placed) -> float:
    """Share of the items' spread in importance that their errors alone would give; 0 where importance has no error."""
    inside = np.flatnonzero(placed.known)
    block = placed.standing.covariance[np.ix_(inside, inside)]
    spread = placed.standing.value[inside, 0].var(ddof=1)
    k = len(inside)
    alone = (np.trace(block) - block.sum() / k) / (k - 1)
    return float(alone / spread) if np.isfinite(alone) and spread > 0 else 0.0
