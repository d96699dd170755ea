"""Which items carry their dimension, and which only fill the page? One row per item, with a proposal and its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.correlations import OF_WORDS, ItemMatrix, MissingRule, Of
from servqual.counts import Counts
from servqual.explained import correlation_interval
from servqual.inference import REASONS, Interval, Spread, t_interval
from servqual.measures import HEADINGS
from servqual.psychometrics.batteries import ALL, Battery, NormalTheory, Summary, battery_of, nobody
from servqual.psychometrics.coefficients import (
    alpha,
    alpha_if_dropped,
    correlation_of,
    item_rest,
    item_rest_slopes,
)
from servqual.responses import Responses
from servqual.tabulation import Estimates
from survey_design.errors import SpecError, check_between
from survey_design.results import Column, Result, Text, say

Array = NDArray[Any]

FLAGS: Mapping[str, Text] = {
    "constant": {"en": "everyone answers the same", "zh": "回答全部相同"},
    "reversed": {"en": "runs against the others: turned round?", "zh": "与其余题项相反，是否漏了反向计分"},
    "weak": {"en": "hardly goes with the others", "zh": "与其余题项相关弱"},
    "better without": {"en": "alpha rises without it", "zh": "删除后 α 上升"},
    "redundant": {"en": "says the same as another item", "zh": "与另一题项重复"},
    "ceiling": {"en": "piles up at the top", "zh": "集中于最高分"},
    "floor": {"en": "piles up at the bottom", "zh": "集中于最低分"},
    "skewed": {"en": "very skewed", "zh": "偏态严重"},
    "missing": {"en": "often left out", "zh": "缺失较多"},
}
ITEM_REASONS: Mapping[str, Text] = {
    **REASONS,
    "one answer": {"en": "one respondent: nothing varies", "zh": "仅一名受访者，无差异可言"},
    "no complete": {"en": "nobody answered all items of its dimension", "zh": "无人答完该维度全部题项"},
    "one item": {"en": "the only item of its dimension", "zh": "该维度仅此一题"},
    "no pair": {"en": "a pair of items was answered by nobody", "zh": "有一对题项无人同时作答"},
    "no variation": {"en": "it, or the rest, does not vary", "zh": "该题或其余题项无差异"},
    "few": {"en": "too few respondents for an interval", "zh": "受访者过少，无区间"},
    "polychoric": {"en": "of latent answers: no interval", "zh": "基于潜在连续回答，无区间"},
    "exact": {"en": "a correlation of ±1 has no interval", "zh": "相关为 ±1，无区间"},
}
PROPOSALS: Mapping[str, Text] = {
    "keep": {"en": "keep", "zh": "保留"},
    "review": {"en": "look at it", "zh": "复核"},
    "drop": {"en": "drop", "zh": "考虑删除"},
}
_TAKEN = ("item", "dimension", "n", "n_missing", "missing", "mean", "sd", "skew", "floor", "ceiling", "n_rest", "r_rest", "se",
          "low", "high", "df", "alpha", "alpha_if_dropped", "closest", "r_closest", "proposal", "flags", "reason")  # fmt: skip
_KEPT = 3  # items that a dimension needs for a test of one factor: below, nothing is proposed for dropping


@dataclass(frozen=True)
class Screening:
    """When an item is flagged. Every threshold is a convention, so each can be set.

    Attributes
    ----------
    item_rest : correlation with the rest of the dimension under which an item is weak
    rise : by how much alpha must rise without the item
    redundant : correlation with another item of the dimension from which both say the same
    edge : share of answers at the lowest or the highest value
    skew : skewness, either way
    missing : share without an answer

    References
    ----------
    Nunnally and Bernstein (1994), Psychometric Theory, 3rd ed., McGraw-Hill (item-rest .30).
    """

    item_rest: float = 0.30
    rise: float = 0.01
    redundant: float = 0.90
    edge: float = 0.50
    skew: float = 2.0
    missing: float = 0.10

    def __post_init__(self) -> None:
        for name in ("item_rest", "redundant", "edge", "missing"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"{name}={getattr(self, name)!r} must lie between 0 and 1.")
        for name in ("rise", "skew"):
            if not getattr(self, name) >= 0:
                raise SpecError(f"{name}={getattr(self, name)!r} must not be negative.")

    def words(self) -> Text:
        """The thresholds in words."""
        rest, rise, same, edge, skew, gone = (
            f"{self.item_rest:g}", f"{self.rise:g}", f"{self.redundant:g}", f"{self.edge:.0%}", f"{self.skew:g}", f"{self.missing:.0%}")  # fmt: skip
        return {
            "en": f"flagged: item-rest r under {rest}, alpha rising by more than {rise} without the item, r with another item of "
            f"{same} or more, {edge} of answers at an end of the scale, skew beyond ±{skew}, more than {gone} missing. Proposed for "
            "dropping: an item that is constant, or weak (or reversed) and better left out, where three others stay; any other "
            "flag asks for a look",
            "zh": f"标记条件：题项与其余相关低于 {rest}，删除后 α 上升超过 {rise}，与另一题项相关达 {same}，{edge} 的回答在量表一端，"
            f"偏度超过 ±{skew}，缺失超过 {gone}。建议删除：回答全同，或相关弱（或反向）且删除更好，并至少余下三题者；其他标记仅提示复核",
        }  # fmt: skip


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ItemAnalysis(Estimates):
    """How each item stands in its dimension, one row per item and group.

    Frame columns: the split columns, ``item, dimension``; ``n`` (its answers), ``n_missing, missing`` (share), ``mean, sd, skew,
    floor, ceiling`` (shares at the ends of the scale); ``n_rest`` (respondents behind the following), ``r_rest, se, low, high,
    df`` (correlation with the sum of the dimension's other items), ``alpha`` (of the dimension), ``alpha_if_dropped``,
    ``closest, r_closest`` (the item of the dimension it goes with most); ``proposal`` ("keep", "review", "drop"), ``flags``,
    ``reason``.
    """

    of: Of = "perception"
    words: Mapping[str, Text] = field(default_factory=dict)
    screening: Screening = field(default_factory=Screening)
    correlations: Mapping[tuple[tuple[Any, ...], str], tuple[tuple[str, ...], Array, int]] = field(default_factory=dict)

    def title(self) -> str:
        of = OF_WORDS[self.of]
        return self.titled({"en": f"Item analysis of {of['en']}", "zh": f"题项分析：{of['zh']}"})

    def columns(self) -> tuple[Column, ...]:
        numbers = {
            "mean": ({"en": "mean", "zh": "均值"}, "number"),
            "sd": ({"en": "SD", "zh": "标准差"}, "number"),
            "skew": ({"en": "skew", "zh": "偏度"}, "number"),
            "floor": ({"en": "floor", "zh": "触底"}, "share"),
            "ceiling": ({"en": "ceiling", "zh": "触顶"}, "share"),
            "r_rest": ({"en": "item-rest r", "zh": "题项与其余相关"}, "number"),
            "low": ({"en": "low", "zh": "下限"}, "number"),
            "high": ({"en": "high", "zh": "上限"}, "number"),
            "alpha_if_dropped": ({"en": "alpha if dropped", "zh": "删除后 α"}, "number"),
        }
        shown = [Column(name, label, kind) for name, (label, kind) in numbers.items() if self.frame[name].notna().any()]  # type: ignore[arg-type]
        known = (
            [Column("missing", {"en": "missing", "zh": "缺失"}, "share")] if self.frame["missing"].notna().any() else []
        )
        return (
            *self.by_columns,
            Column("dimension", HEADINGS["dimension"], "text", self.words),
            Column("item", HEADINGS["item"], "text", self.words),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            *known,
            *shown,
            Column("proposal", {"en": "proposal", "zh": "建议"}, "text", PROPOSALS),
            Column(
                "flags", {"en": "because", "zh": "原因"}, "text", {key: _flagged(key) for key in self.frame["flags"]}
            ),
            *self.reasons(ITEM_REASONS),
        )

    def about(self) -> tuple[Text, ...]:
        return (
            {"en": "mean, SD, skew and shares: everyone who answered the item; the rest: those whom the dimension rests on",
             "zh": "均值、标准差、偏度与占比计入所有作答者；其余列计入该维度所用受访者"},
            {"en": "intervals of r by Fisher's z", "zh": "相关系数区间采用 Fisher z 变换"},
            self.screening.words(),
            {"en": "a proposal, not a decision: an item that a reader of the scale needs stays whatever its numbers say; how "
             "important customers find it is another table",
             "zh": "此为建议而非决定：内容上不可缺的题项应保留；顾客重视程度见重要性分析"},
        )  # fmt: skip

    def row(self, item: str, **group: Any) -> pd.Series:
        """The numbers of one item."""
        return self.find("item", item, group, "Items")

    def proposed(self, proposal: str = "drop") -> list[str]:
        """Items with this proposal ("keep", "review" or "drop"), in any group."""
        if proposal not in PROPOSALS:
            raise SpecError(f"proposal={proposal!r} must be one of {', '.join(PROPOSALS)}.")
        return list(dict.fromkeys(self.frame.loc[self.frame["proposal"] == proposal, "item"]))

    def sentence(self, item: str, **group: Any) -> str:
        """One item in words: how it goes with the rest, and what is proposed."""
        row, zh = self.row(item, **group), self.language == "zh"
        place = self.beside(say(self.words[item], self.language), row)
        if not np.isfinite(row["r_rest"]):
            return self.nothing(place, "item-rest correlation", say(ITEM_REASONS[row["reason"]], self.language))
        shown = Column("r", {}, "number").show
        bounds = self.as_estimate(
            row.rename({"r_rest": "r"}).reindex([*row.index, "r", "deff"]), "r", words=ITEM_REASONS
        )
        base = f"{bounds.interval(self.language)}；n = {int(row['n_rest']):,}" if zh else (
            f"{bounds.interval(self.language)}, n = {int(row['n_rest']):,}")  # fmt: skip
        verdict, why = say(PROPOSALS[row["proposal"]], self.language), say(_flagged(row["flags"]), self.language)
        r = shown(row["r_rest"], self.language)
        if zh:
            return f"{place}：与其余题项相关 {r}（{base}）。建议：{verdict}" + (f"（{why}）。" if why else "。")
        return f"{place}: item-rest r {r} ({base}). Proposal: {verdict}" + (f" ({why})." if why else ".")

    def inter_item(self, dimension: str = ALL, **group: Any) -> InterItem:
        """The correlations between the items of a dimension, or of all."""
        key = tuple(group.get(name) for name in self.by), dimension
        if set(group) != set(self.by) or key not in self.correlations:
            known = ", ".join(dict.fromkeys(name for _, name in self.correlations))
            raise SpecError(f"there is no matrix {dimension!r} {dict(group) or ''}. Dimensions: {known}; groups are named by "
                            f"{', '.join(self.by) or 'nothing'}.")  # fmt: skip
        names, values, n = self.correlations[key]
        frame = pd.DataFrame(values, columns=list(names))
        frame.insert(0, "item", list(names))
        return InterItem(frame, self.language, self.of, self.words, n)


def _flagged(flags: str) -> Text:
    """Several flags in one text."""
    keys = [key for key in flags.split(", ") if key]
    return {language: glue.join(say(FLAGS[key], language) for key in keys)
            for language, glue in (("en", "; "), ("zh", "；"))}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class InterItem(Result):
    """Correlations between items: one row and one column per item."""

    of: Of = "perception"
    words: Mapping[str, Text] = field(default_factory=dict)
    n: int = 0

    def title(self) -> str:
        of = say(OF_WORDS[self.of], self.language)
        return f"题项间相关：{of}" if self.language == "zh" else f"Correlations between items: {of}"

    def columns(self) -> tuple[Column, ...]:
        names = [str(name) for name in self.frame if name != "item"]
        return (Column("item", HEADINGS["item"], "text", self.words),
                *(Column(name, {"en": name, "zh": name}, "number") for name in names))  # fmt: skip

    def note(self) -> str:
        return f"样本量 {self.n:,}。" if self.language == "zh" else f"n = {self.n:,}."


# --- the verb --------------------------------------------------------------------------------------------------


def item_analysis(
    responses: Responses | ItemMatrix,
    *,
    of: Of = "perception",
    by: str | Sequence[str] | None = None,
    missing: MissingRule = "listwise",
    interval: Interval | None = None,
    level: float = 0.95,
    screening: Screening | None = None,
) -> ItemAnalysis:
    """How each item stands in its dimension: its spread, its ends, its correlation with the rest, and whether to keep it.

    Parameters
    ----------
    responses : Responses, or an ItemMatrix: then without what only answers show (missing, skew, ends of the scale)
    of : whose items: "perception", "expectation", or "gap"
    by : column or columns to split by
    missing, interval, level : as in :func:`~servqual.psychometrics.internal_consistency`; the interval is that of ``r_rest``
    screening : thresholds of the flags

    Returns
    -------
    ItemAnalysis
        With :meth:`~ItemAnalysis.inter_item`, the correlations between the items of a dimension.

    Raises
    ------
    SpecError
        If the form was not asked, gaps are asked for of different people, or a matrix is to be split.
    DataError
        If the responses lack a column of ``by``.

    Notes
    -----
    ``r_rest`` is the correlation of an item with the sum of the dimension's other items, so that it is not correlated with itself.
    Skewness is ``m3 / m2^(3/2)``. Shares at the ends of the scale say how many answers could not have been lower or higher; a
    gap has no such ends that people tick, so that they are left out. Weighted where respondents are.

    Dropping by numbers alone narrows what a scale measures and flatters its alpha in the same data: check a shortened scale on
    other respondents.

    References
    ----------
    Nunnally and Bernstein (1994), Psychometric Theory, 3rd ed., McGraw-Hill, chapter 8. Churchill (1979), Journal of
    Marketing Research 16, 64-73, doi:10.1177/002224377901600110 (purifying a scale). Checked against R's
    ``psych::alpha`` 2.2.9 and scipy (tests/test_psychometrics.py).

    Examples
    --------
    >>> from servqual.correlations import ItemMatrix
    >>> values = [[1, 0.6, 0.6, 0.1], [0.6, 1, 0.6, 0.1], [0.6, 0.6, 1, 0.1], [0.1, 0.1, 0.1, 1]]
    >>> found = item_analysis(ItemMatrix.from_matrix(values, 200, ["a", "b", "c", "d"]))
    >>> found.to_frame()[["item", "r_rest", "alpha_if_dropped", "proposal"]].round(2).to_numpy().tolist()[2:]
    [['c', 0.61, 0.52, 'keep'], ['d', 0.12, 0.82, 'drop']]
    """
    check_between("level", level, 0, 1)
    screening = screening or Screening()
    whole = battery_of(responses, of=of, by=by, missing=missing, taken=_TAKEN)
    battery = whole.by_dimension()
    chosen = battery.interval(interval)
    spreads, answered = battery.spreads(_ItemRest(), chosen), _answered(battery)
    lines = [line for each, (spread, lone) in zip(battery.summaries, spreads, strict=True)
             for line in _lines(battery, each, spread, lone, chosen, level, screening, answered)]  # fmt: skip
    matrices = {(each.group, each.set.id): (tuple(battery.items[k] for k in each.set.places), correlation_of(each.covariance), each.n)
                for each in whole.summaries}  # fmt: skip
    return ItemAnalysis(pd.DataFrame(lines), battery.language, level=level, interval=chosen, by=battery.by,
                        remarks=(*battery.remarks, *battery.narrow(spreads, chosen)), cautious=battery.cautious,
                        by_columns=battery.by_columns, of=battery.of, words=battery.words, screening=screening,
                        correlations=matrices)  # fmt: skip


@dataclass(frozen=True)
class _ItemRest:
    """Item-rest correlations as functions of a covariance."""

    def values(self, covariance: Array) -> Array:
        """(..., k)"""
        return item_rest(covariance)

    def slopes(self, covariance: Array) -> Array:
        """(k, k, k)"""
        if len(covariance) < 2 or not np.isfinite(covariance).all():
            return np.full((len(covariance), *covariance.shape), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = item_rest_slopes(covariance)
        return np.where(np.isfinite(item_rest(covariance))[:, None, None], slopes, np.nan)


def _answered(battery: Battery) -> dict[tuple[tuple[Any, ...], str], dict[str, float]]:
    """What the answers to each item say by themselves, by group and item; nothing where a matrix was given."""
    rows = battery.answers
    if rows is None:
        return {}
    counts: Counts | None = None
    for answers, cells, weight, _ in rows.parts():
        values = rows.values(answers)
        part = Counts.from_cells(dict(zip(battery.items, values.T, strict=True)), cells, weight)
        counts = part if counts is None else counts + part
    if counts is None:
        return {}
    scale = rows.side.instrument.scale
    ends = None if battery.of == "gap" else (scale.low, scale.high)
    return {(group, item): describe_counts(counts, item, group, ends)
            for group in dict.fromkeys(each.group for each in battery.summaries) for item in battery.items}  # fmt: skip


def describe_counts(
    counts: Counts, column: str, group: tuple[Any, ...], ends: tuple[float, float] | None
) -> dict[str, float]:
    """Base, mean, spread, skew and shares at both ends of one column, from how often each value occurs.

    >>> counts = Counts.from_frame(pd.DataFrame({"x": [1, 2, 2, 7, None]}), ["x"])
    >>> found = describe_counts(counts, "x", (), (1, 7))
    >>> found["mean"], round(found["sd"], 3), round(found["skew"], 3), found["ceiling"], found["n_missing"]
    (3.0, 2.708, 1.047, 0.25, 1)
    """
    values, weight = counts.values(column).astype(float), counts.weight(column, group)
    n, gone, whole = int(counts.count(column, group).sum()), counts.n_missing(column, group), weight.sum()
    nan = float("nan")
    base: dict[str, float] = {"n": n, "n_missing": gone, "missing": gone / (n + gone) if n + gone else nan}
    if not n:
        return {**base, **dict.fromkeys(("mean", "sd", "skew", "floor", "ceiling"), nan)}
    mean = float(weight @ values / whole)
    second, third = (float(weight @ (values - mean) ** power / whole) for power in (2, 3))
    shares = [nan, nan] if ends is None else [float(weight[values == end].sum() / whole) for end in ends]
    return {**base, "mean": mean, "sd": float(np.sqrt(second * n / (n - 1))) if n > 1 else nan,
            "skew": third / second**1.5 if second > 0 else nan, "floor": shares[0], "ceiling": shares[1]}  # fmt: skip


def _lines(
    battery: Battery, each: Summary, spread: Spread, lone: str, interval: Interval, level: float, screening: Screening,
    answered: Mapping[tuple[tuple[Any, ...], str], Mapping[str, float]],
) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each item of a set."""
    covariance, nan = each.covariance, float("nan")
    r, whole = item_rest(covariance), float(alpha(covariance))
    dropped = alpha_if_dropped(covariance) if each.k > 2 else np.full(each.k, nan)
    latent = battery.matrix is not None and battery.matrix.kind == "polychoric"
    low, high, se = _bounds(r, each, spread, interval, level, latent)
    closest, partner = _closest(covariance)
    lines = []
    for j, place in enumerate(each.set.places):
        item = battery.items[place]
        own = answered.get((each.group, item)) or _described(battery, place, each)
        line: dict[str, Any] = {
            **dict(zip(battery.by, each.group, strict=True)), "item": item,
            "dimension": "" if each.set.id == ALL else each.set.id, **own, "n_rest": each.n, "r_rest": float(r[j]),
            "se": se[j], "low": low[j], "high": high[j], "df": float(spread.df[j]), "alpha": whole,
            "alpha_if_dropped": float(dropped[j]),
            "closest": battery.items[each.set.places[partner[j]]] if np.isfinite(closest[j]) else "",
            "r_closest": float(closest[j]),
        }  # fmt: skip
        flags = _flags(line, float(covariance[j, j]), screening)
        lines.append({**line, "proposal": _proposal(flags, each.k), "flags": ", ".join(flags),
                      "reason": _reason(each, line, lone, latent)})  # fmt: skip
    return lines


def _described(battery: Battery, place: int, each: Summary) -> dict[str, float]:
    """What a matrix says of an item by itself."""
    nan = float("nan")
    known = battery.matrix
    mean = nan if known is None or not known.mean.any() else float(known.mean[place])
    sd = nan if known is None else float(np.sqrt(known.covariance[place, place]))
    n = each.n if known is None else int(known.n_pairs[place, place])
    return {"n": n, "n_missing": nan, "missing": nan, "mean": mean, "sd": sd, "skew": nan, "floor": nan, "ceiling": nan}


def _bounds(
    r: Array, each: Summary, spread: Spread, interval: Interval, level: float, latent: bool
) -> tuple[Array, Array, Array]:
    """(k,) bounds and standard errors of item-rest correlations, by Fisher's z; quantiles where replicates give them."""
    nothing = np.full(len(r), np.nan)
    if latent:
        return nothing, nothing, nothing
    se = np.where(np.isfinite(r) & (spread.df > 0), spread.se, np.nan)
    if spread.replicates is not None:
        low, high = spread.bounds(r, level)
    elif isinstance(interval, NormalTheory):
        spread_z = np.full(len(r), 1 / np.sqrt(each.n - 3) if each.n > 3 else np.nan)
        inside = np.abs(np.nan_to_num(r, nan=1.0)) < 1 - 1e-9
        bounds = t_interval(np.arctanh(np.where(inside, r, 0.0)), spread_z, np.full(len(r), np.inf), level)
        low, high = (np.where(inside, np.tanh(bound), np.nan) for bound in bounds)
    else:
        low, high = correlation_interval(np.nan_to_num(r, nan=1.0), se, spread.df, level)
    known = np.isfinite(se)
    return np.where(known, low, np.nan), np.where(known, high, np.nan), se


def _closest(covariance: Array) -> tuple[Array, Array]:
    """(k,) largest correlation of each item with another one, and which it is."""
    off = np.where(np.eye(len(covariance), dtype=bool), -np.inf, np.nan_to_num(correlation_of(covariance), nan=-np.inf))
    largest = off.max(axis=1)
    return np.where(np.isfinite(largest), largest, np.nan), off.argmax(axis=1)


def _flags(line: Mapping[str, Any], variance: float, screening: Screening) -> list[str]:
    """Which thresholds an item misses; a number that is missing misses none."""
    with np.errstate(invalid="ignore"):
        rules = {
            "constant": variance <= 0,
            "reversed": line["r_rest"] < 0,
            "weak": 0 <= line["r_rest"] < screening.item_rest,
            "better without": line["alpha_if_dropped"] > line["alpha"] + screening.rise,
            "redundant": line["r_closest"] >= screening.redundant,
            "ceiling": line["ceiling"] >= screening.edge,
            "floor": line["floor"] >= screening.edge,
            "skewed": abs(line["skew"]) > screening.skew,
            "missing": line["missing"] > screening.missing,
        }
    return [name for name, met in rules.items() if met]


def _proposal(flags: Sequence[str], k: int) -> str:
    """Keep, look at it, or drop; nothing is dropped from a dimension of three items or fewer."""
    useless = "constant" in flags or ("better without" in flags and bool({"weak", "reversed"} & set(flags)))
    if useless and k > _KEPT:
        return "drop"
    return "review" if flags else "keep"


def _reason(each: Summary, line: Mapping[str, Any], lone: str, latent: bool) -> str:
    """Why an item has no item-rest correlation, or no interval for it; "" where nothing is to say."""
    if each.n < 2:
        return "one answer" if each.n == 1 else nobody(each)
    if each.k < 2:
        return "one item"
    if not np.isfinite(each.covariance).all():
        return "no pair"
    if not np.isfinite(line["r_rest"]):
        return "no variation"
    if latent:
        return "polychoric"
    if not line["df"] > 0:
        return "no df"
    if not np.isfinite(line["se"]):
        return "empty replicates"
    if not np.isfinite(line["low"]):
        return "exact" if abs(line["r_rest"]) > 1 - 1e-9 else "few"
    return lone
