"""Several sets of weights: made into one, and side by side with what their choice does to the ranking of the units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from servqual.index_weights.found import Asked, Found, read_numbers, without_interval
from servqual.index_weights.simplex import Array, check_weights
from servqual.index_weights.weights import IndexWeights, as_result
from servqual.store_agreement import rank_agreement
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rule = Literal["additive", "multiplicative", "geometric"]
Given = IndexWeights | pd.Series | Mapping[str, float]

_RULES: Mapping[str, Text] = {
    "additive": {"en": "sum a w", "zh": "加法合成 Σ a w"},
    "multiplicative": {"en": "product of the weights, shared out", "zh": "乘法合成（权重之积归一）"},
    "geometric": {"en": "product of w to the power a, shared out", "zh": "几何合成（Π wᵃ 归一）"},
}


def combined_weights(sets: Array, rule: Rule, shares: Array) -> Array:
    """(..., k) one set of weights from (..., m, k) sets.

    >>> sets = np.array([[0.5, 0.5], [0.8, 0.2]])
    >>> [
    ...     combined_weights(sets, rule, np.array([0.5, 0.5])).round(3).tolist()
    ...     for rule in ("additive", "multiplicative", "geometric")
    ... ]
    [[0.65, 0.35], [0.8, 0.2], [0.667, 0.333]]
    """
    powers = shares[:, None]
    if rule == "additive":
        return np.asarray((sets * powers).sum(axis=-2))
    product = (sets if rule == "multiplicative" else sets**powers).prod(axis=-2)
    total = product.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(product, total, out=np.full_like(product, np.nan), where=total > 0))


def combine_weights(
    weights: Mapping[str, Given], *, rule: Rule = "additive", shares: Mapping[str, float] | None = None, level: float = 0.95,
    seed: int = 0, language: Language = "en",
) -> IndexWeights:  # fmt: skip
    """One set of weights from several, such as what experts say and what the data say.

    Parameters
    ----------
    weights : two or more, by name
    rule : "additive": ``sum a w``; "multiplicative": the product of the weights, shared out; "geometric": ``prod w^a``, shared out
    shares : how much each set counts (``a``, sum 1); all alike without it, and none in "multiplicative"
    level, seed : intervals from the bootstrap samples of the sets that have them; the others are taken as fixed

    Returns
    -------
    IndexWeights

    Notes
    -----
    A product makes large weights larger and gives nothing to an indicator that any one set gives nothing. Sets from the same units
    are combined sample by sample, so that their errors go together; sets from different units in shuffled order.

    Examples
    --------
    >>> one, two = {"care": 0.5, "speed": 0.5}, {"care": 0.8, "speed": 0.2}
    >>> combine_weights({"experts": one, "entropy": two}, rule="multiplicative").weights().round(3).to_dict()
    {'care': 0.8, 'speed': 0.2}
    """
    check_choice("rule", rule, Rule)
    if rule == "multiplicative" and shares is not None:
        raise SpecError("the product of weights has no shares. Leave shares= out, or take rule='geometric'.")
    names, table = _side_by_side(weights)
    part = np.full(len(table), 1 / len(table)) if shares is None else check_weights(shares, list(weights))
    found = combined_weights(table, rule, part)
    if not np.isfinite(found).all():
        raise DataError(
            "no indicator has a weight above 0 in every set, so that nothing is left of their product. Take rule='additive'."
        )
    draws = _joint_draws(list(weights.values()), table, seed)
    draws = combined_weights(draws, rule, part) if len(draws) else np.empty((0, len(names)))
    draws = draws[np.isfinite(draws).all(axis=1)]
    low = high = without_interval(len(names))
    if len(draws):
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    titles = [_named(key, given) for key, given in weights.items()]
    said = _parts_said(titles, None if rule == "multiplicative" else part)
    remarks: list[Text] = [{"en": f"{_RULES[rule]['en']}: {said['en']}", "zh": f"{_RULES[rule]['zh']}：{said['zh']}"}]
    fixed = [title for title, given in zip(titles, weights.values(), strict=True) if not _has_draws(given)]
    if len(draws) and fixed:
        remarks.append(
            {
                "en": f"taken as fixed: {', '.join(t['en'] for t in fixed)}",
                "zh": f"视为固定：{'、'.join(t['zh'] for t in fixed)}",
            }
        )
    how: Text = {
        "en": f"bootstrap of units and experts, {len(draws):,} samples, percentiles",
        "zh": f"对单位与专家自助抽样 {len(draws):,} 次，分位数法",
    }
    labels = {
        key: text for given in weights.values() if isinstance(given, IndexWeights) for key, text in given.labels.items()
    }
    n = max((int(given.frame["n"].iloc[0]) for given in weights.values() if isinstance(given, IndexWeights)), default=0)
    result = Found(names, found, low, high, n, draws=draws, how=how if len(draws) else {}, remarks=tuple(remarks))
    return as_result(
        result,
        Asked(labels=labels, level=level, seed=seed),
        "combined",
        {"en": "combined", "zh": "组合赋权"},
        (),
        language,
    )


def _named(key: str, given: Given) -> Text:
    """What a set is called: its key; where that is a method's word, the method's name."""
    if isinstance(given, IndexWeights) and key == given.method_name:
        return given.method_title
    return {"en": key, "zh": key}


def _parts_said(titles: Sequence[Text], part: Array | None) -> Text:
    words = {language: [say(title, language) for title in titles] for language in ("en", "zh")}
    if part is not None:
        words = {
            language: [f"{name} {share:.2f}" for name, share in zip(names, part, strict=True)]
            for language, names in words.items()
        }
    return {"en": ", ".join(words["en"]), "zh": "、".join(words["zh"])}


def _side_by_side(weights: Mapping[str, Given]) -> tuple[tuple[str, ...], Array]:
    """Indicators and (m, k) weights, all in the order of the first set."""
    if not isinstance(weights, Mapping) or len(weights) < 2:
        raise SpecError("give two or more sets of weights by name, such as {'experts': …, 'entropy': …}.")
    series = {
        key: given.weights() if isinstance(given, IndexWeights) else pd.Series(dict(given))
        for key, given in weights.items()
    }
    names = tuple(str(name) for name in next(iter(series.values())).index)
    return names, np.array([_checked(key, each, names) for key, each in series.items()])


def _checked(key: str, series: pd.Series, names: Sequence[str]) -> Array:
    try:
        return check_weights(series, list(names))
    except SpecError as error:
        raise SpecError(f"{key}: {error}") from error


def _has_draws(given: Given) -> bool:
    return isinstance(given, IndexWeights) and len(given.draws) > 0


def _joint_draws(given: Sequence[Given], table: Array, seed: int) -> Array:
    """(r, m, k) sets sample by sample; empty where no set has samples."""
    with_draws = [each for each in given if isinstance(each, IndexWeights) and len(each.draws)]
    if not with_draws:
        return np.empty((0, *table.shape))
    first, r = with_draws[0], min(len(each.draws) for each in with_draws)
    generator = np.random.default_rng(seed)
    names = list(first.frame["indicator"])
    parts = []
    for each, fixed in zip(given, table, strict=True):
        if not (isinstance(each, IndexWeights) and len(each.draws)):
            parts.append(np.broadcast_to(fixed, (r, len(fixed))))
            continue
        whole = len(each.draws) == len(first.draws) and each.units == first.units and each.seed == first.seed
        rows = np.arange(r) if whole else generator.permutation(len(each.draws))[:r]
        order = [list(each.frame["indicator"]).index(name) for name in names]
        parts.append(each.draws[rows][:, order])
    return np.stack(parts, axis=1)


# --- side by side ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class WeightRankings(Result):
    """How far two sets of weights put the units into the same order: a row per pair.

    Frame columns: ``first, second, n`` units, ``spearman`` with ``low, high``, ``kendall``, ``top`` (share of the first ``of_top``
    units that are the same), ``moved`` (mean of places moved), ``furthest`` (unit), ``places`` (that it moves, + to a better place
    under the second).
    """

    titles: Mapping[str, Text] = field(default_factory=dict)
    level: float = 0.95
    of_top: int = 0

    def title(self) -> str:
        return "权重选择对排名的影响" if self.language == "zh" else "What the choice of weights does to the ranking"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("first", {"en": "weights", "zh": "权重"}, "text", self.titles),
            Column("second", {"en": "against", "zh": "对比"}, "text", self.titles),
            Column("spearman", {"en": "rho", "zh": "Spearman ρ"}, "number"),
            Column("low", {"en": "low", "zh": "下限"}, "number"),
            Column("high", {"en": "high", "zh": "上限"}, "number"),
            Column("kendall", {"en": "tau-b", "zh": "Kendall τ-b"}, "number"),
            Column("top", {"en": f"same in the top {self.of_top}", "zh": f"前 {self.of_top} 名重合"}, "share"),
            Column("moved", {"en": "mean places moved", "zh": "平均移动位次"}, "number", decimals=1),
            Column("furthest", {"en": "moves furthest", "zh": "移动最大"}),
            Column("places", {"en": "by", "zh": "位次"}, "signed", decimals=0),
        )

    def note(self) -> str:
        n, percent = int(self.frame["n"].iloc[0]), f"{100 * self.level:g}%"
        if self.language == "zh":
            return f"{n} 个单位；ρ 附 {percent} 区间（Fisher z）；位次为正表示在后一组权重下名次更靠前。"
        return f"{n} units; rho with {percent} intervals (Fisher's z); + means a better place under the second weights."


@dataclass(frozen=True, eq=False, repr=False)
class WeightComparison(Result):
    """Weights of several methods side by side: a row per indicator.

    Frame columns: ``indicator``, a column per set of weights, ``range`` (greatest less least).

    Attributes
    ----------
    sets : names of the sets and what they are called
    bounds : DataFrame ``set, indicator, low, high``
    bound_levels : confidence of these intervals
    rankings : WeightRankings, None where no scores were given
    units : DataFrame, a row per unit: ``unit``, the score and (``rank_…``) the place under each set, ``places`` between its best and
        worst place; sorted by that
    """

    sets: Mapping[str, Text] = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    bounds: pd.DataFrame = None  # type: ignore[assignment]
    rankings: WeightRankings | None = None
    units: pd.DataFrame | None = None
    bound_levels: tuple[float, ...] = ()
    n_dropped: int = 0

    def title(self) -> str:
        return "各方法的权重比较" if self.language == "zh" else "Weights by several methods"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", self.labels),
            *(Column(key, title, "number", decimals=3) for key, title in self.sets.items()),
            Column("range", {"en": "range", "zh": "极差"}, "number", decimals=3),
        )

    def note(self) -> str:
        zh = self.language == "zh"
        head = "每列之和为 1" if zh else "Every column sums to 1"
        drop = "" if not self.n_dropped else (f"；{self.n_dropped} 个单位因缺失未排名" if zh else
                                              f"; {self.n_dropped} units with gaps are not ranked")  # fmt: skip
        return f"{head}{drop}。{self.sentence()}" if zh else f"{head}{drop}. {self.sentence()}"

    def in_language(self, language: Language) -> WeightComparison:
        """The same numbers, shown in English or Chinese."""
        return replace(self, language=language, rankings=self.rankings.in_language(language) if self.rankings else None)

    def sentence(self) -> str:
        """Where methods differ most, and what it does to the order of the units."""
        zh, row = self.language == "zh", self.frame.iloc[int(np.argmax(self.frame["range"]))]
        values = {key: row[key] for key in self.sets}
        most, least = max(values, key=lambda key: values[key]), min(values, key=lambda key: values[key])
        name = say(self.labels.get(row["indicator"], {"en": row["indicator"]}), self.language)
        titles = {key: say(self.sets[key], self.language) for key in (most, least)}
        head = (f"{spaced(f'分歧最大的是{name}')}：{titles[least]} {values[least]:.3f}，{titles[most]} {values[most]:.3f}。" if zh else
                f"They differ most on {name}: {values[least]:.3f} by {titles[least]}, {values[most]:.3f} by {titles[most]}.")  # fmt: skip
        if self.rankings is None:
            return head
        worst = self.rankings.frame.iloc[int(np.argmin(self.rankings.frame["spearman"].fillna(np.inf)))]
        if not np.isfinite(worst["spearman"]):
            return head
        pair = [say(self.sets[worst[side]], self.language) for side in ("first", "second")]
        rho, places = f"{worst['spearman']:.2f}".replace("-", "−"), int(abs(worst["places"]))
        if not places:
            return (
                f"{head}各种权重下名次相同。" if zh else f"{head} All sets of weights put the units in the same order."
            )
        if zh:
            return f"{head}{spaced(f'名次差别最大的是{pair[0]}与{pair[1]}')}：ρ = {rho}，{worst['furthest']} 移动 {places} 位。"
        return (f"{head} The order of the units differs most between {pair[0]} and {pair[1]}: rho {rho}; {worst['furthest']} moves by "
                f"{places} {'place' if places == 1 else 'places'}.")  # fmt: skip

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every indicator with a mark for each method."""
        from servqual.plots.index_weights import draw_weight_comparison

        return draw_weight_comparison(self, ax)


def compare_weights(
    weights: Mapping[str, Given], scores: pd.DataFrame | None = None, *, unit: str | None = None, top: int | None = None,
    level: float = 0.95, language: Language = "en",
) -> WeightComparison:  # fmt: skip
    """Weights of several methods side by side, and how the ranking of stores moves with them.

    Parameters
    ----------
    weights : two or more sets by name; the word of a method ("entropy") is shown as the method's name
    scores : units (rows) by indicators on one scale on which more is better, such as 0 to 100; units with a gap are not ranked
    unit : column of the scores with the unit's name; else the index
    top : how many of the best are compared; a tenth of the units, at least 3, without it
    level : of the intervals of the rank correlations

    Returns
    -------
    WeightComparison
        ``.rankings`` has a row per pair of sets, ``.units`` a row per unit.

    Raises
    ------
    SpecError, DataError
        If sets have different indicators, scores lack some, or fewer than 3 units are whole.

    Notes
    -----
    A unit's score is ``sum w x``; equal scores share the better place. If the order hardly moves the choice of method is no matter to
    fight over; if it does, say which units depend on it.

    Examples
    --------
    >>> sets = {"equal": {"care": 0.5, "speed": 0.5}, "experts": {"care": 0.8, "speed": 0.2}}
    >>> stores = pd.DataFrame({"care": [90, 70, 60, 50], "speed": [40, 65, 90, 50]}, index=["A", "B", "C", "D"])
    >>> found = compare_weights(sets, stores, top=1)
    >>> found.rankings.frame[["spearman", "furthest", "places"]].round(2).to_numpy().tolist()
    [[0.2, 'A', 2.0]]
    """
    names, table = _side_by_side(weights)
    sets = {key: _named(key, given) for key, given in weights.items()}
    taken = {"indicator", "range"} & set(sets)
    if taken:
        raise SpecError(f"call the weights anything but {', '.join(sorted(taken))}: columns of the table are named so.")
    frame = pd.DataFrame({"indicator": names, **dict(zip(sets, table, strict=True)), "range": np.ptp(table, axis=0)})
    labels = {
        key: text for given in weights.values() if isinstance(given, IndexWeights) for key, text in given.labels.items()
    }
    bounds = pd.concat([_bounds(key, given, names) for key, given in weights.items()], ignore_index=True)
    levels = tuple(sorted({given.level for given in weights.values()
                           if isinstance(given, IndexWeights) and given.frame["low"].notna().any()}))  # fmt: skip
    rankings = units = None
    dropped = 0
    if scores is not None:
        read = read_numbers(scores, Asked(names, unit), "the table of scores")
        whole = np.asarray(np.isfinite(read.values).all(axis=1))
        dropped = int((~whole).sum())
        if whole.sum() < 3:
            raise DataError(
                f"the table of scores: {int(whole.sum())} units have a value for every indicator; ranks need 3."
            )
        who = [name for name, kept in zip(read.units, whole, strict=True) if kept]
        scored = read.values[whole] @ table.T
        rankings = _rankings(list(sets), sets, who, scored, top, level, language)
        units = _units(list(sets), who, scored)
    return WeightComparison(frame, language, sets=sets, labels=labels, bounds=bounds, rankings=rankings, units=units, bound_levels=levels,
                            n_dropped=dropped)  # fmt: skip


def _bounds(key: str, given: Given, names: Sequence[str]) -> pd.DataFrame:
    """Intervals of one set, nan where it has none."""
    if not isinstance(given, IndexWeights):
        return pd.DataFrame({"set": key, "indicator": list(names), "low": np.nan, "high": np.nan})
    rows = given.frame.set_index("indicator").loc[list(names)]
    return pd.DataFrame(
        {"set": key, "indicator": list(names), "low": rows["low"].to_numpy(float), "high": rows["high"].to_numpy(float)}
    )


def places_of(scores: Array) -> Array:
    """(n,) place of each unit, 1 for the highest score; equal scores share the better place.

    >>> places_of(np.array([70.0, 90.0, 70.0])).tolist()
    [2, 1, 2]
    """
    return pd.Series(np.round(scores, 9)).rank(method="min", ascending=False).to_numpy().astype(int)


def _rankings(
    keys: Sequence[str],
    sets: Mapping[str, Text],
    who: Sequence[Any],
    scored: Array,
    top: int | None,
    level: float,
    language: Language,
) -> WeightRankings:
    n = len(who)
    many = max(3, round(n / 10)) if top is None else top
    if isinstance(many, bool) or not isinstance(many, int) or not 1 <= many <= n:
        raise SpecError(f"top={top!r} must be a whole number from 1 to the {n} units.")
    rows = []
    for a, b in combinations(range(len(keys)), 2):
        first, second = places_of(scored[:, a]), places_of(scored[:, b])
        found = rank_agreement(scored[:, a], scored[:, b], level=level)
        moved = first - second
        far = int(np.argmax(np.abs(moved)))
        both = len({*np.flatnonzero(first <= many)} & {*np.flatnonzero(second <= many)})
        either = max((first <= many).sum(), (second <= many).sum())
        rows.append({"first": keys[a], "second": keys[b], "n": n, "spearman": found["spearman"][0], "low": found["spearman"][1],
                     "high": found["spearman"][2], "kendall": found["kendall"][0], "top": both / either,
                     "moved": float(np.abs(moved).mean()), "furthest": who[far], "places": float(moved[far])})  # fmt: skip
    return WeightRankings(pd.DataFrame(rows), language, titles=sets, level=level, of_top=many)


def _units(keys: Sequence[str], who: Sequence[Any], scored: Array) -> pd.DataFrame:
    """Scores and places of every unit, those that move furthest first."""
    places = np.array([places_of(column) for column in scored.T]).T
    frame = pd.DataFrame({"unit": list(who), **dict(zip(keys, scored.T, strict=True)),
                          **{f"rank_{key}": column for key, column in zip(keys, places.T, strict=True)},
                          "places": np.ptp(places, axis=1)})  # fmt: skip
    return frame.sort_values("places", ascending=False, kind="stable").reset_index(drop=True)
