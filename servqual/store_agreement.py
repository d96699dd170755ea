"""Do inspectors and customers see the same stores? Two scores per store: correlation, limits of agreement, and where they part.

A store that is green in the inspection and red with its customers keeps the rules and fails the people: it is found here,
with the probability that this is more than the luck of few visits and few interviews.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.explained import correlation_interval
from servqual.gaps import score_performance
from servqual.inference import NUMBER_COLUMNS, Mean, estimate, t_interval, t_pvalue
from servqual.moments import NOT_STATED
from servqual.pulled_pairs import PulledPairs
from servqual.responses import Responses
from servqual.stores import posterior
from survey_design.errors import DataError, SpecError, check_between, check_columns, raise_faults
from survey_design.results import Column, Estimate, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.mystery.scores import VisitScores

Array = NDArray[Any]

_OTHER_SCALE = 10  # no mean of stores on 0 to 100 lies so low in all of them
FEWEST = 4  # stores, below which no correlation has an interval
QUADRANTS: Mapping[str, Text] = {
    "hidden": {"en": "green inside, red outside", "zh": "检查达标、客户不满"},
    "reverse": {"en": "red inside, green outside", "zh": "检查不达标、客户满意"},
    "good": {"en": "green on both sides", "zh": "两方均达标"},
    "poor": {"en": "red on both sides", "zh": "两方均不达标"},
    "between": {"en": "between the lines", "zh": "介于两线之间"},
}
_MEASURES: Mapping[str, Text] = {
    "pearson": {"en": "Pearson r", "zh": "Pearson 相关"},
    "spearman": {"en": "Spearman's rho", "zh": "Spearman 等级相关"},
    "kendall": {"en": "Kendall's tau-b", "zh": "Kendall τ-b"},
    "bias": {"en": "bias (inspection − customers)", "zh": "偏差（检查 − 客户）"},
    "limit_low": {"en": "lower limit of agreement", "zh": "一致性下限"},
    "limit_high": {"en": "upper limit of agreement", "zh": "一致性上限"},
    "trend": {"en": "trend: points of difference per point of the mean", "zh": "趋势：均值每升 1 分时差异的变化"},
}
_METHODS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "fisher": {"en": "Fisher's z", "zh": "Fisher z"},
    "bonett": {"en": "Fisher's z, Bonett and Wright", "zh": "Fisher z，Bonett–Wright 标准误"},
    "t": {"en": "Student's t", "zh": "Student t"},
    "bland": {"en": "Bland and Altman", "zh": "Bland–Altman"},
}
AGREEMENT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "no spread": {"en": "all stores have the same score on one side", "zh": "其中一方所有门店得分相同"},
    "few": {"en": "too few stores for an interval", "zh": "门店过少，无区间"},
    "exact": {"en": "complete agreement in order: no interval", "zh": "完全相关，无区间"},
    "no error": {
        "en": "no errors of the stores' scores were given, so no probability",
        "zh": "未给出门店得分的误差，无法计算概率",
    },
}


# --- the two sides -----------------------------------------------------------------------------------------


def store_ratings(responses: Responses, *, by: str = "store", question: str = "mean") -> pd.DataFrame:
    """Customers' mean rating of every store, on 0 to 100.

    Parameters
    ----------
    responses : Responses
    by : column that names the store
    question : an outcome of the instrument ("overall_quality"), "mean" (all perceptions, the mean of the dimensions), or a
        dimension

    Returns
    -------
    DataFrame
        ``store, rating, n, se``: the mean of the answers with its standard error, respondents of the store as units.

    Notes
    -----
    Rescaled as ``100 (mean − low)/(high − low)`` with low and high the ends of the question's scale: on 1 to 7 an answer of 1
    is 0, of 4 is 50, of 7 is 100. An inspection's 0 to 100 are shares of points; that both run from 0 to 100 does not make
    70 of one the same as 70 of the other.

    Examples
    --------
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame({column: [4, 7, 1, 1] for column in instrument.columns("perception").values()})
    >>> store_ratings(Responses(data.assign(store=[*"AABB"]), instrument)).round(1).to_dict("list")["rating"]
    [75.0, 0.0]
    """
    check_columns([by], responses.frame.columns, responses.source.name)
    outcomes = {key: each for each in responses.instrument.outcomes for key in (each.id, each.column)}
    if question in outcomes:
        scale, column = outcomes[question].scale, outcomes[question].column
        check_columns([column], responses.frame.columns, responses.source.name)
        found = estimate(responses.frame, Mean(column), responses.design, by=by).to_frame()
        frame = found.rename(columns={"estimate": "rating"})
    else:
        scale, frame = responses.instrument.scale, _perceived(responses, by, question)
    frame = frame[(frame[by] != NOT_STATED) & frame["rating"].notna()]
    width = scale.high - scale.low
    return pd.DataFrame({
        "store": frame[by].to_numpy(), "rating": 100 * (frame["rating"].to_numpy(float) - scale.low) / width,
        "n": frame["n"].to_numpy(int), "se": 100 * frame["se"].to_numpy(float) / width,
    })  # fmt: skip


def _perceived(responses: Responses, by: str, question: str) -> pd.DataFrame:
    """Means of all perceptions, or of one dimension, by store."""
    scores = score_performance(responses, by=by)
    both = pd.concat([table.to_frame().rename(columns={table.what: "what"}) for table in (scores.total, scores)])
    if question not in set(both["what"]):
        known = [*dict.fromkeys(both["what"]), *(each.id for each in responses.instrument.outcomes)]
        raise SpecError(f"question={question!r} is not known. Choose one of {', '.join(known)}.")
    return both[both["what"] == question].rename(columns={"perception": "rating"})


def rated_stores(ratings: Responses | pd.DataFrame, *, question: str = "mean", store: str = "store") -> pd.DataFrame:
    """Ratings as ``store, rating, n, se``, from answers or from a frame that has them; every unusable cell is named."""
    if isinstance(ratings, Responses):
        return store_ratings(ratings, by=store, question=question)
    return _checked(ratings, "rating", "the ratings", store)


def inspected_stores(scores: VisitScores | pd.DataFrame, *, store: str = "store") -> pd.DataFrame:
    """Total scores of inspection as ``store, score, n, se``, from scores of visits or from a frame that has them.

    From visits the error is ``s/√n`` with s pooled over all stores: a store's own spread over two visits is a guess.
    """
    if isinstance(scores, pd.DataFrame):
        return _checked(scores, "score", "the inspection's scores", store)
    values = getattr(scores.points, scores.of).total[:, 0]
    table = pd.DataFrame({"store": scores.visits.frame[store], "score": values}).dropna()
    found = table.groupby("store", sort=True)["score"].agg(["mean", "size", "var"]).reset_index()
    found = found.rename(columns={"mean": "score", "size": "n"})
    df, squares = (found["n"] - 1).sum(), ((found["n"] - 1) * found["var"].fillna(0)).sum()
    found["se"] = np.sqrt(squares / df / found["n"]) if df else np.nan
    return found[["store", "score", "n", "se"]]


def _checked(frame: pd.DataFrame, value: str, where: str, store: str) -> pd.DataFrame:
    """A table of stores with a value, n (1 if not given) and an error (nan if not given); all faults at once."""
    told = frame if store in frame.columns else frame.rename_axis(store).reset_index()
    check_columns([store, value], told.columns, where)
    out = pd.DataFrame(
        {"store": told[store].to_numpy(), value: pd.to_numeric(told[value], errors="coerce").to_numpy(float)}
    )
    out["n"] = pd.to_numeric(told["n"], errors="coerce").to_numpy(float) if "n" in told else 1.0
    out["se"] = pd.to_numeric(told["se"], errors="coerce").to_numpy(float) if "se" in told else np.nan
    tests = {
        value: (~out[value].between(0, 100), "it must lie between 0 and 100"),
        "n": (~(out["n"] > 0) | ~np.isfinite(out["n"]), "it must be a number above 0"),
        "se": (out["se"] < 0, "it must be 0 or more"),
        "store": (out["store"].astype(str).duplicated(), "the store is listed twice"),
    }
    faults = [
        {"store": out["store"].iloc[k], "row": k + 2, "column": column, "value": out[column].iloc[k], "problem": problem}
        for column, (wrong, problem) in tests.items() for k in np.flatnonzero(wrong)
    ]  # fmt: skip
    raise_faults(faults, where)
    check_percent(out[value].to_numpy(), where)
    return out


def check_percent(values: Array, where: str) -> None:
    """Refuse three numbers or more that all lie from 0 to 10: they were asked on another scale than 0 to 100.

    >>> check_percent(np.array([4.3, 5.1, 5.8]), "the ratings")
    Traceback (most recent call last):
    ...
    survey_design.errors.DataError: the ratings all lie from 4.3 to 5.8, but are read as 0 to 100. Give 100 (x − low)/(high − low), with low and high the ends of the scale that was asked: 100 (x − 1)/6 for 1 to 7, 100 (x − 1)/4 for 1 to 5, 100 x for shares.
    """
    known = values[np.isfinite(values)]
    if known.size < 3 or not 0 < known.max() <= _OTHER_SCALE:
        return
    raise DataError(
        f"{where} all lie from {known.min():.3g} to {known.max():.3g}, but are read as 0 to 100. Give 100 (x − low)/(high − low), "
        "with low and high the ends of the scale that was asked: 100 (x − 1)/6 for 1 to 7, 100 (x − 1)/4 for 1 to 5, 100 x for shares.",
        pd.DataFrame({"value": known, "problem": "on another scale than 0 to 100"}),
    )


def match_stores(
    first: Sequence[Any], second: Sequence[Any], names: tuple[str, str]
) -> tuple[Array, Array, pd.DataFrame]:
    """Places of the stores that both sides have, in the order of the first, and the others with their side.

    >>> here, there, alone = match_stores(["A", "B", 3], ["3", "A", "C"], ("visits", "ratings"))
    >>> here.tolist(), there.tolist(), alone.to_dict("list")
    ([0, 2], [1, 0], {'store': ['B', 'C'], 'problem': ['not in ratings', 'not in visits']})
    """
    place = {str(name): k for k, name in enumerate(second)}
    both = [k for k, name in enumerate(first) if str(name) in place]
    found = {str(first[k]) for k in both}
    alone = [(name, f"not in {names[1]}") for name in first if str(name) not in found]
    alone += [(name, f"not in {names[0]}") for name in second if str(name) not in found]
    there = np.array([place[str(first[k])] for k in both], dtype=int)
    return np.array(both, dtype=int), there, pd.DataFrame(alone, columns=["store", "problem"])


def unmatched_remark(alone: pd.DataFrame) -> tuple[Text, ...]:
    """Stores that only one side knows, in words; empty where there are none."""
    if alone.empty:
        return ()
    k = alone["store"].nunique()
    named, more = [str(name) for name in alone["store"].unique()[:6]], k - 6
    en = ", ".join([*named, *([f"{more} more"] if more > 0 else [])])
    zh = "、".join([*named, *([f"另 {more} 家"] if more > 0 else [])])
    return ({"en": f"{k} {'store' if k == 1 else 'stores'} left out, since one side lacks {'it' if k == 1 else 'them'} ({en})",
             "zh": f"有 {k} 家门店因一方缺少数据未计入（{zh}）"},)  # fmt: skip


# --- agreement, on arrays ----------------------------------------------------------------------------------


def limits_of_agreement(first: Array, second: Array, *, level: float = 0.95) -> dict[str, tuple[float, float, float]]:
    """Bland and Altman's bias and limits of agreement, each with its interval.

    Parameters
    ----------
    first, second : (k,) two measurements of the same things
    level : share of differences that the limits are to hold, and confidence of the intervals

    Returns
    -------
    dict
        ``bias, limit_low, limit_high`` and ``trend`` as (value, low, high).

    Notes
    -----
    With differences d of mean m and standard deviation s: the bias is m ± t s/√k, the limits are ``m ∓ z s`` with standard
    error ``s √(1/k + z²/(2(k − 1)))``; t has k − 1 degrees of freedom, z is 1.96 at 95%. ``trend`` is the slope of d on the mean
    of both: away from 0 the limits do not hold over the whole range.

    How to read it: 95 of 100 stores are expected to differ by no more than the limits. Whether that is near enough is for the
    reader to say; a high correlation does not say it.

    References
    ----------
    Bland and Altman (1999), Statistical Methods in Medical Research 8, 135-160, doi:10.1177/096228029900800204. Checked against
    the peak flow data of Bland and Altman (1986), doi:10.1016/S0140-6736(86)90837-8, and the figures that ``pingouin`` draws
    (tests/test_index_weights.py).

    Examples
    --------
    >>> found = limits_of_agreement(np.array([70.0, 80, 90, 60]), np.array([72.0, 75, 91, 58]))
    >>> [round(x, 2) for x in found["bias"]], [round(x, 2) for x in found["limit_high"]]
    ([1.0, -4.03, 6.03], [7.2, -2.3, 16.69])
    """
    from scipy.special import ndtri

    d, middle, k = first - second, (first + second) / 2, len(first)
    m, s, z = float(d.mean()), float(d.std(ddof=1)), float(ndtri((1 + level) / 2))
    df, wide = np.array(k - 1.0), s * np.sqrt(1 / k + z**2 / (2 * (k - 1)))
    rows = {"bias": (m, s / np.sqrt(k)), "limit_low": (m - z * s, wide), "limit_high": (m + z * s, wide)}
    found = {name: (value, *_bounds(value, se, df, level)) for name, (value, se) in rows.items()}
    return found | {"trend": _trend(d, middle, level)}


def _bounds(value: float, se: float, df: Array, level: float) -> tuple[float, float]:
    low, high = t_interval(np.array(value), np.array(se), df, level)
    return float(low), float(high)


def _trend(d: Array, middle: Array, level: float) -> tuple[float, float, float]:
    """Slope of the differences on the means."""
    around, k = middle - middle.mean(), len(d)
    squares = float(around @ around)
    if squares <= 1e-12 * max(float(middle @ middle), 1) or k < 3:
        return np.nan, np.nan, np.nan
    slope = float(around @ d) / squares
    rest = d - d.mean() - slope * around
    return slope, *_bounds(slope, np.sqrt(float(rest @ rest) / (k - 2) / squares), np.array(k - 2.0), level)


def rank_agreement(first: Array, second: Array, *, level: float = 0.95) -> dict[str, tuple[float, float, float, float]]:
    """Pearson's r, Spearman's rho and Kendall's tau-b of two scores: (value, low, high, p) each.

    Notes
    -----
    Intervals on Fisher's z: ``tanh(atanh r ± z se)`` with se ``1/√(k − 3)`` for r, ``√((1 + r²/2)/(k − 3))`` for rho and
    ``√(0.437/(k − 4))`` for tau. p as scipy gives it.

    References
    ----------
    Bonett and Wright (2000), Psychometrika 65, 23-28, doi:10.1007/BF02294183.

    Examples
    --------
    >>> first, second = np.array([1.0, 2, 3, 4, 5, 6, 7]), np.array([2.0, 1, 4, 3, 7, 5, 6])
    >>> [round(float(x), 3) for x in rank_agreement(first, second)["spearman"]]
    [0.821, 0.028, 0.98, 0.023]
    """
    from scipy import stats

    k = len(first)
    if k < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return dict.fromkeys(("pearson", "spearman", "kendall"), (np.nan,) * 4)
    tests = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
    out = {}
    for name, test in tests.items():
        found = test(first, second)
        r = float(found.statistic)
        known = {"pearson": 1.0, "spearman": 1 + r**2 / 2, "kendall": 0.437}[name]
        room = k - (4 if name == "kendall" else 3)
        se = np.sqrt(known / room) if room > 0 else np.nan
        low, high = correlation_interval(np.array(r), np.array((1 - r**2) * se), np.array(np.inf), level)
        out[name] = (r, float(low), float(high), float(found.pvalue))
    return out


def chance_of(value: Array, se: Array, line: float, *, above: bool) -> Array:
    """(k,) probability that each store's true score is at or above a line, or below it, given its score and error.

    Stores are pulled towards their mean, the more so the larger their error (:func:`servqual.stores.posterior`); with fewer
    than four stores, or without any error, the scores are taken as they are.
    """
    from scipy.special import ndtr

    if not np.isfinite(se).all():
        return np.full(len(value), np.nan)
    if (se > 0).all() and len(value) >= FEWEST:
        below = posterior(value, se**2, np.zeros(len(value), dtype=int)).below(np.full(len(value), line))
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.where(se > 0, ndtr((line - value) / se), (value < line).astype(float))
    return np.asarray(1 - below if above else below)


def _chances(value: Array, se: Array) -> Callable[[tuple[float, float], tuple[bool, bool]], Array]:
    """How likely both true scores of (k, 2) lie on the sides of two lines; scores without errors, and few stores, are not pulled
    together."""
    if (se > 0).all() and len(value) >= FEWEST:
        return PulledPairs.of(value, se**2).corner
    return lambda lines, above: np.prod([
        chance_of(value[:, side], se[:, side], lines[side], above=above[side]) for side in range(2)
    ], axis=0)  # fmt: skip


def _pooled(n: Array, se: Array) -> Array:
    """(k,) errors of means from one spread within stores: ``s/√n`` with ``s² = sum (n − 1) n se²/sum (n − 1)``.

    A store of one answer has no error of its own, and that of five is a guess.
    """
    known = np.isfinite(se) & (n > 1)
    if not known.any():
        return se
    df = np.where(known, n - 1, 0)
    return np.asarray(np.sqrt((df * n * np.where(known, se, 0) ** 2).sum() / df.sum() / n))


# --- the result --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class StoreAgreement(Result):
    """Do two scores of the same stores agree? One row per coefficient; the stores themselves are in ``stores``.

    Frame columns: ``measure`` (pearson, spearman, kendall, bias, limit_low, limit_high, trend), ``value, low, high, p, n,
    method, reason``.

    Attributes
    ----------
    stores : DataFrame, a row per store: ``store, inspection, inspection_se, n_inspection, rating, rating_se, n_rating,
        difference`` (inspection − rating), ``quadrant``, ``p_hidden, p_reverse`` (probability that the true scores are green
        inside and red outside, or the reverse), ``outlier`` (beyond the limits of agreement), ``reason``
    green, red : lines of the inspection; customer_green, customer_red : those of the customers
    unmatched : stores that one side lacks
    remarks : what the scores of visits say of their base and of what they pool
    """

    stores: pd.DataFrame = field(default_factory=pd.DataFrame)
    unmatched: pd.DataFrame = field(default_factory=pd.DataFrame)
    green: float = 85.0
    red: float = 70.0
    customer_green: float = 85.0
    customer_red: float = 70.0
    level: float = 0.95
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        return (
            "门店检查得分与客户评价的一致性"
            if self.language == "zh"
            else "Inspection against customers' ratings of the same stores"
        )

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("measure", {"en": "measure", "zh": "指标"}, "text", _MEASURES),
            Column("value", {"en": "value", "zh": "值"}, "number"),
            *(NUMBER_COLUMNS[name] for name in ("low", "high", "p")),
            Column("n", {"en": "stores", "zh": "门店数"}, "count"),
            Column("method", {"en": "interval by", "zh": "区间方法"}, "text", _METHODS),
            *([Column("reason", {"en": "remark", "zh": "备注"}, "text", AGREEMENT_REASONS)] if self.frame["reason"].any() else []),
        )  # fmt: skip

    def note(self) -> str:
        percent, k = f"{100 * self.level:g}%", len(self.stores)
        out = unmatched_remark(self.unmatched)
        lines = {name: f"{getattr(self, name):g}" for name in ("green", "red", "customer_green", "customer_red")}
        if self.language == "zh":
            said = [f"共 {k} 家门店，{percent} 区间；两方均为 0–100 分", *(say(each, "zh") for each in (*self.remarks, *out)),
                    f"检查绿线 {lines['green']}、红线 {lines['red']}；客户绿线 {lines['customer_green']}、红线 {lines['customer_red']}",
                    f"一致性界限：预期约 {percent} 的门店差异落在其间", "概率已计入访问与访谈次数有限带来的误差及两方的相关（门店得分向均值收缩）"]  # fmt: skip
            return "；".join(said) + "。"
        said = [f"{k} {'store' if k == 1 else 'stores'}, {percent} intervals; both sides from 0 to 100", *(say(each, "en") for each in (*self.remarks, *out)),
                f"inspection: green from {lines['green']}, red under {lines['red']}; customers: green from {lines['customer_green']}, "
                f"red under {lines['customer_red']}",
                f"limits of agreement: about {percent} of stores are expected to differ by no more",
                "probabilities allow for few visits and few interviews, and for what both sides have in common (stores are pulled towards their "
                "mean)"]  # fmt: skip
        return "; ".join(said) + "."

    def row(self, measure: str) -> pd.Series:
        """The numbers of one coefficient."""
        hit = self.frame[self.frame["measure"] == measure]
        if hit.empty:
            raise SpecError(f"there is no measure {measure!r}. Measures: {', '.join(self.frame['measure'])}.")
        return hit.iloc[0]

    def estimate(self, measure: str = "pearson") -> Estimate:
        """One coefficient with its interval."""
        row = self.row(measure)
        return Estimate(row["value"], np.nan, row["low"], row["high"], int(row["n"]), np.nan, self.level, row["p"],
                        method=say(_METHODS[row["method"]], self.language), reason=say(AGREEMENT_REASONS[row["reason"]], self.language))  # fmt: skip

    def hidden(self) -> pd.DataFrame:
        """Stores that are green inside and red outside, the most certain first."""
        return self._listed("hidden")

    def reverse(self) -> pd.DataFrame:
        """Stores that are red inside and green outside, the most certain first."""
        return self._listed("reverse")

    def outliers(self) -> pd.DataFrame:
        """Stores beyond the limits of agreement, the furthest first."""
        far = self.stores[self.stores["outlier"]]
        bias = float(self.row("bias")["value"])
        return far.reindex((far["difference"] - bias).abs().sort_values(ascending=False).index).reset_index(drop=True)

    def _listed(self, quadrant: str) -> pd.DataFrame:
        found = self.stores[self.stores["quadrant"] == quadrant]
        return found.sort_values(f"p_{quadrant}", ascending=False, kind="stable").reset_index(drop=True)

    def sentence(self, store: Any | None = None) -> str:
        """The agreement in words; with a store, what both sides say of it."""
        return self._overall() if store is None else self._one(store)

    def _overall(self) -> str:
        r, bias = self.estimate("pearson"), self.estimate("bias")
        low, high = (self.row(name)["value"] for name in ("limit_low", "limit_high"))
        shown = [NUMBER_COLUMNS["difference"].show(round(x, 1), self.language) for x in (bias.value, low, high)]
        shown = [text.removesuffix("0") if text.endswith("0") else text for text in shown]
        k, hidden = len(self.stores), list(self.hidden()["store"])
        named = [str(name) for name in hidden[:5]] + (["…"] if len(hidden) > 5 else [])
        r_words = f"{r.value:.2f}".replace("-", "−") if np.isfinite(r.value) else "–"
        if self.language == "zh":
            list_ = f"检查达标而客户不满的门店 {len(hidden)} 家" + (f"：{'、'.join(named)}" if hidden else "")
            return (f"{k} 家门店检查得分与客户评价的相关为 {r_words}（{r.interval('zh')}）；检查减客户平均为 {shown[0]} 分，"
                    f"一致性界限 {shown[1]} 至 {shown[2]}；{list_}。")  # fmt: skip
        count = f"{len(hidden)} {'store is' if len(hidden) == 1 else 'stores are'} green inside and red outside"
        return (f"Over {k} stores inspection and customers correlate at {r_words} ({r.interval()}); inspection less customers is "
                f"{shown[0]} points on average, limits of agreement {shown[1]} to {shown[2]}; {count}"
                f"{f' ({chr(44).join(named)})'.replace(',', ', ') if hidden else ''}.")  # fmt: skip

    def _one(self, store: Any) -> str:
        hit = self.stores[self.stores["store"].astype(str) == str(store)]
        if hit.empty:
            raise SpecError(f"there is no store {store!r} that both sides know.")
        row, zh = hit.iloc[0], self.language == "zh"
        quadrant = say(QUADRANTS[row["quadrant"]], self.language)
        kind = "p_reverse" if row["quadrant"] == "reverse" else "p_hidden"
        p = f"{100 * row[kind]:.0f}%" if np.isfinite(row[kind]) and row["quadrant"] in ("hidden", "reverse") else ""
        if zh:
            sure = f"，真实如此的概率 {p}" if p else ""
            return f"门店 {store}：检查 {row['inspection']:.1f} 分，客户 {row['rating']:.1f} 分；{quadrant}{sure}。"
        sure = f", truly so with probability {p}" if p else ""
        return f"Store {store}: inspection {row['inspection']:.1f}, customers {row['rating']:.1f}; {quadrant}{sure}."

    @property
    def quadrants(self) -> dict[str, str]:
        """Where a store can stand, in the result's language."""
        return {name: say(text, self.language) for name, text in QUADRANTS.items()}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Stores in their quadrants, and beside them Bland and Altman's differences."""
        from servqual.plots.store_scores import draw_store_scores

        return draw_store_scores(self, ax)


def compare_store_scores(
    inspection: VisitScores | pd.DataFrame,
    ratings: Responses | pd.DataFrame,
    *,
    store: str = "store",
    question: str = "mean",
    green: float = 85.0,
    red: float = 70.0,
    customers: tuple[float, float] | None = None,
    level: float = 0.95,
) -> StoreAgreement:
    """Do inspection and customers agree about the stores, and where do they part?

    Parameters
    ----------
    inspection : VisitScores, or a frame ``store, score`` (0 to 100) and, where known, ``n, se``
    ratings : Responses, or a frame ``store, rating`` (0 to 100) and, where known, ``n, se``
    store : column that names the store
    question : which rating, where answers are given (:func:`store_ratings`)
    green, red : an inspection of ``green`` or more is good, of less than ``red`` is bad
    customers : green and red line of the ratings; those of the inspection without it
    level : confidence of the intervals, and share of stores that the limits of agreement are to hold

    Returns
    -------
    StoreAgreement

    Notes
    -----
    Correlation asks whether both put stores into the same order; limits of agreement ask how far they are apart
    (:func:`limits_of_agreement`). Few visits and few interviews make both look worse than they are: correlations are
    attenuated, limits are wide.

    "Green inside, red outside": inspection at ``green`` or above and customers under their red line, as observed. Its
    probability is that both true scores lie so, given both errors, which come from different people and are independent, with one
    spread within stores for all. True scores are pulled towards the mean of the stores, and towards what the other side says as far
    as both go together from store to store (:class:`servqual.pulled_pairs.PulledPairs`). In simulated studies of 40 stores whose
    true scores correlate at 0, .4 and .7, stores that looked hidden were so in 40, 23 and 4%; stated were 38, 22 and 10% on average
    (the product of both chances says 39, 33 and 29%).

    References
    ----------
    Bland and Altman (1999), doi:10.1177/096228029900800204. Checked against scipy, Bland and Altman's peak flow data, and
    simulated stores of known truth (tests/test_index_weights.py).

    Raises
    ------
    DataError
        If all scores or all ratings of a frame lie from 0 to 10: they were asked on another scale (:func:`check_percent`).

    Examples
    --------
    >>> seen = pd.DataFrame({"store": [*"ABCDE"], "score": [91, 88, 74, 66, 83], "n": 4, "se": 2.0})
    >>> told = pd.DataFrame({"store": [*"ABCDE"], "rating": [64, 86, 75, 60, 78], "n": 8, "se": 3.0})
    >>> agreement = compare_store_scores(seen, told)
    >>> agreement.hidden()["store"].tolist()
    ['A']
    >>> agreement.sentence("A")
    'Store A: inspection 91.0, customers 64.0; green inside, red outside, truly so with probability 95%.'
    """
    check_between("level", level, 0, 1)
    lines = _lines(green, red, customers)
    seen, told = inspected_stores(inspection, store=store), rated_stores(ratings, question=question, store=store)
    here, there, alone = match_stores(list(seen["store"]), list(told["store"]), ("the inspection", "the ratings"))
    if len(here) < 3:
        raise DataError(
            f"{len(here)} stores have both an inspection and ratings; agreement needs 3. Are they named alike?",
            alone,
        )
    seen, told = seen.iloc[here].reset_index(drop=True), told.iloc[there].reset_index(drop=True)
    x, y = seen["score"].to_numpy(), told["rating"].to_numpy()
    frame = _coefficients(x, y, level)
    limits = frame.set_index("measure")["value"]
    stores = _stores(seen, told, lines)
    stores["outlier"] = ~stores["difference"].between(limits["limit_low"], limits["limit_high"])
    language, remarks = (
        ("en", ()) if isinstance(inspection, pd.DataFrame) else (inspection.language, inspection.remarks)
    )
    return StoreAgreement(frame, language, stores=stores, unmatched=alone, level=level, remarks=remarks, **lines)


def _lines(green: float, red: float, customers: tuple[float, float] | None) -> dict[str, Any]:
    other = (green, red) if customers is None else customers
    for name, (high, low) in {"green, red": (green, red), "customers": other}.items():
        if not 0 <= low <= high <= 100:
            raise SpecError(
                f"{name}={high:g}, {low:g}: the green line must lie at or above the red one, both within 0 to 100."
            )
    return {
        "green": float(green),
        "red": float(red),
        "customer_green": float(other[0]),
        "customer_red": float(other[1]),
    }


def _coefficients(x: Array, y: Array, level: float) -> pd.DataFrame:
    """One row per coefficient."""
    rows, k = [], len(x)
    flat = np.ptp(x) == 0 or np.ptp(y) == 0
    for name, (value, low, high, p) in rank_agreement(x, y, level=level).items():
        reason = "no spread" if flat else "" if np.isfinite(low) else "exact" if abs(value) > 1 - 1e-9 else "few"
        method = {"pearson": "fisher"}.get(name, "bonett") if np.isfinite(low) else ""
        rows.append(
            {"measure": name, "value": value, "low": low, "high": high, "p": p, "method": method, "reason": reason}
        )
    se = np.std(x - y, ddof=1) / np.sqrt(k)
    chance = {"bias": float(t_pvalue(np.array((x - y).mean()), np.array(se), np.array(k - 1.0)))}
    for name, (value, low, high) in limits_of_agreement(x, y, level=level).items():
        method = "" if not np.isfinite(low) else "bland" if name.startswith("limit") else "t"
        rows.append({"measure": name, "value": value, "low": low, "high": high, "p": chance.get(name, np.nan), "method": method,
                     "reason": "" if np.isfinite(value) else "no spread"})  # fmt: skip
    return pd.DataFrame(rows).assign(n=k)[["measure", "value", "low", "high", "p", "n", "method", "reason"]]


def _stores(seen: pd.DataFrame, told: pd.DataFrame, lines: Mapping[str, float]) -> pd.DataFrame:
    """One row per store: both sides, their quadrant, and how sure that is."""
    x, y = seen["score"].to_numpy(), told["rating"].to_numpy()
    errors = [_pooled(side["n"].to_numpy(), side["se"].to_numpy()) for side in (seen, told)]
    green, red = x >= lines["green"], x < lines["red"]
    liked, disliked = y >= lines["customer_green"], y < lines["customer_red"]
    quadrant = np.select(
        [green & disliked, red & liked, green & liked, red & disliked], ["hidden", "reverse", "good", "poor"], "between"
    )
    chance = _chances(np.column_stack([x, y]), np.column_stack(errors))
    hidden = chance((lines["green"], lines["customer_red"]), (True, False))
    reverse = chance((lines["red"], lines["customer_green"]), (False, True))
    return pd.DataFrame({
        "store": seen["store"], "inspection": x, "inspection_se": errors[0], "n_inspection": seen["n"].astype(int),
        "rating": y, "rating_se": errors[1], "n_rating": told["n"].astype(int), "difference": x - y, "quadrant": quadrant,
        "p_hidden": hidden, "p_reverse": reverse, "reason": np.where(np.isfinite(hidden), "", "no error"),
    })  # fmt: skip
