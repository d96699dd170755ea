"""Which part of service moves the outcome most? Stated beside derived importance, and how sure the ranking is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.question import FAULTS, OUTCOME, Form, Labels, Question, column, fault_of, numbers, refusal, where
from servqual.drivers.shares import (
    MOST_SHAPLEY,
    SharesOfR2,
    Standardised,
    condition_number,
    inflation,
    johnson_shares,
    shapley_shares,
)
from servqual.explained import Correlation, correlation_interval, share_interval, solve_definite
from servqual.inference import (
    NUMBER_COLUMNS,
    Again,
    Interval,
    Mean,
    Spread,
    Statistic,
    Sums,
    Term,
    choose_interval,
    complete_strata,
    estimate,
    is_narrow,
    within_one_cluster,
)
from servqual.measures import usable_points
from servqual.moments import Cells, Moments, ScoreMap, one_blas_thread, row_weights
from servqual.pulled import FEWEST, pulled_draws
from servqual.replicates import Bootstrap, Kept
from servqual.stores import rank_draws
from servqual.tabulation import Estimates, narrow_words
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Text, say, spaced
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.responses import Responses

Array = NDArray[Any]
Method = Literal["shapley", "johnson", "regression", "correlation"]
StatedScale = Literal["points", "ratings"]

METHODS: Mapping[str, Text] = {
    "shapley": {"en": "Shapley (LMG) share of R²", "zh": "Shapley（LMG）R² 份额"},
    "johnson": {"en": "Johnson's relative weight", "zh": "Johnson 相对权重"},
    "regression": {"en": "standardised regression coefficient", "zh": "标准化回归系数"},
    "correlation": {"en": "correlation with the outcome", "zh": "与结果的相关系数"},
}
NOT_CAUSAL: Text = {
    "en": "importance here is what goes together with the outcome in one survey, not what a change would cause",
    "zh": "此处的重要性指同一次调查中与结果的关联程度，并非改进所带来的因果效果",
}
_USUAL_SHAPLEY = 15  # drivers up to which Shapley is the default
_RESAMPLED = 10_000  # respondents who can be resampled one by one
_DRAWS, _SEED = 20_000, 0  # draws behind ranks and chances
_SMALL_SAMPLE = 100  # respondents, below which intervals of shares cover too little
_OVERLAP, _STRONG = 5.0, 10.0  # variance inflation that is told, and that is told as strong
_TAKEN = (
    "driver", "importance", "se", "low", "high", "share", "share_low", "share_high", "rank", "rank_low", "rank_high", "first",
    "top3", "r", "r_low", "r_high", "beta", "beta_low", "beta_high", "shapley", "johnson", "vif", "stated", "stated_low",
    "stated_high", "stated_n", "stated_rank", "n", "df", "reason",
)  # fmt: skip


# --- result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Drivers(Estimates):
    """What each driver counts, one row per group and driver, in the order given.

    Frame columns: the split columns, ``driver``; ``importance`` of the chosen method with ``se, low, high``; ``share``, its
    part of all drivers together, with ``share_low, share_high`` (for coefficients and correlations the part of their
    absolute sum, without interval); ``rank`` with ``rank_low, rank_high``; ``first`` and ``top3``, the chances to be first and
    among the first three; ``r`` and ``beta`` (standardised) with bounds; ``shapley, johnson`` (nan where the drivers are too
    many); ``vif``; ``stated, stated_low, stated_high, stated_n, stated_rank`` where stated importance was given; ``n, df,
    reason``.

    Attributes
    ----------
    method_used : what ``importance`` is
    fit : one row per group: ``r2, r2_low, r2_high, condition, n, df``
    outcome, labels : what the outcome and the drivers are called
    stated_scale : unit of stated importance, None where there is none
    replicated : whether there are replicates, from which ranks and chances of fewer than four drivers come
    """

    method_used: Method = "shapley"
    fit: pd.DataFrame = field(default_factory=pd.DataFrame)
    outcome: Text = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    stated_scale: StatedScale | None = None
    replicated: bool = True

    def title(self) -> str:
        named = say(self.outcome, self.language)
        return self.titled({"en": f"What drives {_within(named)}", "zh": spaced(f"{named}的驱动因素")})

    def columns(self) -> tuple[Column, ...]:
        shares = self.method_used in ("shapley", "johnson")
        share = "share" if shares else "number"
        stated = "number" if self.stated_scale == "ratings" else "share"
        return (
            *self.by_columns,
            Column("driver", {"en": "driver", "zh": "驱动因素"}, "text", self.labels),
            *((Column("stated", {"en": "stated", "zh": "自述重要性"}, cast(Any, stated)),
               Column("stated_rank", {"en": "stated rank", "zh": "自述排名"}, "count")) if self.stated_scale else ()),
            Column("importance", METHODS[self.method_used], "number", decimals=3),
            Column("low", NUMBER_COLUMNS["low"].label, "number", decimals=3),
            Column("high", NUMBER_COLUMNS["high"].label, "number", decimals=3),
            Column("share", {"en": "share of all drivers", "zh": "占全部驱动因素"}, cast(Any, "share" if share else share)),
            Column("rank", {"en": "rank", "zh": "排名"}, "count"),
            Column("rank_low", {"en": "best", "zh": "最高"}, "count"),
            Column("rank_high", {"en": "worst", "zh": "最低"}, "count"),
            Column("first", {"en": "first", "zh": "居首概率"}, "share"),
            Column("top3", {"en": "top 3", "zh": "前三概率"}, "share"),
            *(Column(name, {"en": en, "zh": zh}, "number") for name, en, zh in (
                ("beta", "beta", "标准化系数"), ("r", "r", "相关 r"), ("vif", "VIF", "VIF")) if name != self._own()),
            *self.reasons(FAULTS),
        )  # fmt: skip

    def _own(self) -> str:
        """The column that repeats the chosen method."""
        return {"regression": "beta", "correlation": "r"}.get(self.method_used, "")

    def about(self) -> tuple[Text, ...]:
        count = len(self.labels)
        chance: Text = (
            {"en": f"ranks and chances from {_DRAWS:,} draws of the true importance (seed {_SEED}), all drivers pulled towards their mean as far as "
                   "their errors ask, since the first is partly luck",
             "zh": f"排名区间与概率由真实重要性的 {_DRAWS // 10_000} 万次抽取得出（种子 {_SEED}），各因素按其误差向均值收缩，因居首者部分出于运气"}
            if count >= FEWEST
            else {"en": "ranks and chances are shares of the replicates", "zh": "排名区间与概率为重复样本中的占比"}
            if self.replicated
            else {"en": f"ranks and chances from {_DRAWS:,} draws of a normal distribution (seed {_SEED})",
                  "zh": f"排名区间与概率由正态分布 {_DRAWS:,} 次抽取得出（种子 {_SEED}）"}
        )  # fmt: skip
        return (
            *self._fitted(count),
            *self._overlap(),
            *self._opposite(),
            *self._downward(),
            *self._small(),
            chance,
            NOT_CAUSAL,
        )

    def _fitted(self, count: int) -> tuple[Text, ...]:
        """R² in words, of one group."""
        if self.by or not len(self.fit):
            return ()
        row = self.fit.iloc[0]
        low, high = (f"{100 * row[f'r2_{end}']:.0f}" for end in ("low", "high"))
        known = np.isfinite(row["r2_low"])
        en = f" ({100 * self.level:g}% CI {low} to {high}%)" if known else ""
        zh = f"（{100 * self.level:g}% 置信区间 {low}% 至 {high}%）" if known else ""
        drivers = "1 driver explains" if count == 1 else f"{count} drivers explain"
        return ({"en": f"{drivers} {100 * row['r2']:.0f}% of the differences in the outcome{en}",
                 "zh": f"{count} 个驱动因素解释了结果差异的 {100 * row['r2']:.0f}%{zh}"},)  # fmt: skip

    def _small(self) -> tuple[Text, ...]:
        """That intervals of shares are too narrow in small samples, as simulation shows."""
        n = self.frame.loc[np.isfinite(self.frame["importance"]), "n"]
        if self.method_used not in ("shapley", "johnson") or not (n < _SMALL_SAMPLE).any():
            return ()
        return ({"en": f"under {_SMALL_SAMPLE} respondents intervals of shares are too narrow: take them as hints",
                 "zh": f"受访者不足 {_SMALL_SAMPLE} 人时份额区间偏窄，仅供参考"},)  # fmt: skip

    def _overlap(self) -> tuple[Text, ...]:
        """How much the drivers say the same."""
        known = self.frame[np.isfinite(self.frame["vif"])]
        if known.empty or len(self.labels) < 2:
            return ()
        worst = known.loc[known["vif"].idxmax()]
        number = float(self.fit["condition"].max())
        en, zh = say(self.labels[worst["driver"]], "en"), say(self.labels[worst["driver"]], "zh")
        if worst["vif"] < _OVERLAP:
            how: Text = {"en": "drivers overlap little enough to be told apart", "zh": "驱动因素重叠不大，可以区分"}
        elif worst["vif"] < _STRONG:
            how = {
                "en": "drivers overlap: their coefficients are unsure, shares of R² less so",
                "zh": "驱动因素有重叠：回归系数不稳，R² 份额较稳",
            }
        else:
            how = {"en": "drivers overlap strongly: do not read single coefficients, and expect shares to be split between such drivers",
                   "zh": "驱动因素高度重叠：不宜解读单个系数，份额会在重叠因素间分摊"}  # fmt: skip
        return ({"en": f"{how['en']} (largest VIF {worst['vif']:.1f}, {en}; condition number {number:.1f})",
                 "zh": f"{how['zh']}（最大 VIF {worst['vif']:.1f}，{zh}；条件数 {number:.1f}）"},)  # fmt: skip

    def _opposite(self) -> tuple[Text, ...]:
        """Drivers whose coefficient and correlation point in different directions."""
        bad = self.frame[self.frame["beta"] * self.frame["r"] < 0]
        if bad.empty:
            return ()
        names = list(dict.fromkeys(bad["driver"]))
        sure = bool(((bad["beta_low"] > 0) | (bad["beta_high"] < 0)).any())
        listed = {
            language: glue.join(say(self.labels[name], language) for name in names)
            for language, glue in (("en", ", "), ("zh", "、"))
        }
        en = "a sign that drivers correct each other" if sure else "which may be chance"
        zh = "提示因素间相互抵消（抑制）" if sure else "可能出于偶然"
        return ({"en": f"coefficient and correlation of {listed['en']} have opposite signs, {en}: do not read that coefficient alone",
                 "zh": spaced(f"{listed['zh']}的系数与相关方向相反，{zh}：勿单独解读该系数")},)  # fmt: skip

    def _downward(self) -> tuple[Text, ...]:
        """Drivers that go clearly with a lower outcome: shares of R² and ranks by size hide it."""
        names = list(dict.fromkeys(self.frame.loc[self.frame["r_high"] < 0, "driver"]))
        if not names:
            return ()
        listed = {
            key: glue.join(say(self.labels[name], key) for name in names) for key, glue in (("en", ", "), ("zh", "、"))
        }
        return ({"en": f"where {listed['en']} is higher the outcome is lower, which neither shares nor ranks show: is less better there?",
                 "zh": spaced(f"{listed['zh']}越高则结果越低，份额与排名均不反映方向，请核对是否为逆向指标")},)  # fmt: skip

    def row(self, driver: str, **group: Any) -> pd.Series:
        """The numbers of one driver, in one group where the result is split."""
        return self.find("driver", driver, group, "Drivers")

    def ranking(self, **group: Any) -> list[str]:
        """The drivers of one group, the most important first."""
        rows = self.frame
        for name, value in group.items():
            rows = rows[rows[name] == value]
        return list(rows.dropna(subset="rank").sort_values("rank")["driver"])

    def sentence(self, driver: str | None = None, **group: Any) -> str:
        """One driver in words; without a name, the most important one."""
        if driver is None:
            order = self.ranking(**group)
            driver = order[0] if order else str(self.frame["driver"].iloc[0])
        row, zh = self.row(driver, **group), self.language == "zh"
        name = self.beside(say(self.labels[driver], self.language), row)
        why = say(FAULTS[row["reason"]], self.language)
        if not np.isfinite(row["importance"]):
            return self.nothing(name, "importance", why)
        amount, sure = self._amount(row), self._sure(row)
        base = f"n = {int(row['n']):,}"
        if zh:
            return f"{name}：{amount}，在 {len(self.labels)} 个驱动因素中排名第 {int(row['rank'])}{sure}（{base}{'；' + why if why else ''}）。"
        return (
            f"{name} {amount}: rank {int(row['rank'])} of {len(self.labels)}{sure} ({base}{'; ' + why if why else ''})."
        )

    def _amount(self, row: pd.Series) -> str:
        zh, level = self.language == "zh", f"{100 * self.level:g}%"
        if self.method_used in ("shapley", "johnson"):
            known = np.isfinite(row["share_low"])
            low, high = (f"{100 * row[f'share_{end}']:.0f}%" for end in ("low", "high")) if known else ("", "")
            if zh:
                return f"占驱动因素解释力的 {100 * row['share']:.0f}%" + (
                    f"（{level} 置信区间 {low} 至 {high}）" if known else ""
                )
            return f"carries {100 * row['share']:.0f}% of what the drivers explain" + (
                f" ({level} CI {low} to {high})" if known else ""
            )
        shown = replace(NUMBER_COLUMNS["estimate"], decimals=2)
        value, low, high = (shown.show(row[each], "en") for each in ("importance", "low", "high"))
        known = np.isfinite(row["low"])
        if zh:
            return f"{METHODS[self.method_used]['zh']} {value}" + (
                f"（{level} 置信区间 {low} 至 {high}）" if known else ""
            )
        return f"has a {METHODS[self.method_used]['en']} of {value}" + (
            f" ({level} CI {low} to {high})" if known else ""
        )

    def _sure(self, row: pd.Series) -> str:
        """The ranks that the data leave open, and the chances."""
        if not np.isfinite(row["first"]):
            return ""
        low, high = int(row["rank_low"]), int(row["rank_high"])
        first, top = (chance_words(row[name], self.language) for name in ("first", "top3"))
        more = len(self.labels) > 3
        if self.language == "zh":
            span = f"可能为第 {low}–{high}" if low < high else "排名确定"
            return spaced(f"（{span}），居首概率{first}" + (f"，进入前三概率{top}" if more else ""))
        span = f"anything from {low} to {high} is possible" if low < high else "no other rank is likely"
        return f" ({span}), first with a chance of {first}" + (f", among the first three with {top}" if more else "")

    def differences(self, **group: Any) -> str:
        """Where stated and derived importance part most, in words.

        Points are compared as shares: ranks may agree while a driver carries twice what is stated, and differ where shares hardly
        do. A difference is told as one where the intervals of both shares do not meet. Ratings, and methods without an interval
        of shares, are compared by ranks.
        """
        if self.stated_scale is None:
            raise SpecError("nothing was stated: give stated= when calling drivers().")
        rows = self.frame
        for name, value in group.items():
            rows = rows[rows[name] == value]
        if (
            self.stated_scale == "points"
            and np.isfinite(rows[["share_low", "stated"]].to_numpy(float)).all(axis=1).any()
        ):
            return self._shares_apart(rows[np.isfinite(rows["share_low"]) & np.isfinite(rows["stated"])])
        return self._ranks_apart(rows)

    def _shares_apart(self, rows: pd.DataFrame) -> str:
        """The driver whose stated and derived shares differ most, of those that differ beyond their intervals where there are any."""
        zh, apart = self.language == "zh", (rows["share"] - rows["stated"]).abs().round(9)
        clear = np.array([_shares_clear(row) for _, row in rows.iterrows()], dtype=bool)
        most = rows.iloc[int(np.argmax(np.where(clear | (not clear.any()), apart, -1.0)))]
        name, more = say(self.labels[most["driver"]], self.language), bool(most["share"] > most["stated"])
        said, derived, low, high = (
            f"{100 * most[each]:.0f}%" for each in ("stated", "share", "share_low", "share_high")
        )
        level = f"{100 * self.level:g}%"
        if zh:
            how = self._how(more) if clear.any() else "可能出于偶然"
            return spaced(
                f"{'差别明确且最大' if clear.any() else '份额差别最大'}的是{name}：自述 {said}，推导 {derived}（{level} 置信区间 {low} 至 {high}），{how}。"
            )
        how = f"; {self._how(more)}" if clear.any() else ", which may be chance"
        return f"They part most {'clearly ' * bool(clear.any())}on {name}: {said} as stated, {derived} ({level} CI {low} to {high}) as derived{how}."

    def _ranks_apart(self, rows: pd.DataFrame) -> str:
        """The driver whose stated and derived ranks differ most."""
        apart, zh = (rows["stated_rank"] - rows["rank"]).dropna(), self.language == "zh"
        if apart.empty or not apart.any():
            return "自述与推导的重要性排名一致。" if zh else "Stated and derived importance give the same ranking."
        most = rows.loc[[apart.abs().idxmax()]].iloc[0]
        name, more = say(self.labels[most["driver"]], self.language), bool(most["stated_rank"] > most["rank"])
        said, derived = int(most["stated_rank"]), int(most["rank"])
        sure = np.isfinite(most["rank_low"]) and not most["rank_low"] <= most["stated_rank"] <= most["rank_high"]
        if zh:
            return spaced(
                f"排名差别最大的是{name}：自述第 {said}，推导第 {derived}，{self._how(more) if sure else '可能出于偶然'}。"
            )
        how = f"; {self._how(more)}" if sure else ", which may be chance"
        return f"They part most on {name}: rank {said} as stated, {derived} as derived{how}."

    def _how(self, more: bool) -> str:
        """What it means that a driver counts more, or less, than is stated."""
        if self.language == "zh":
            return "其作用大于顾客自述" if more else "其作用小于顾客自述"
        if more:
            return "it goes with the outcome more than customers say"
        return "customers name it, but it goes less with the outcome"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Importance with its interval, the open ranks and the chances, most important first."""
        from servqual.plots.drivers import draw_drivers

        return draw_drivers(self, ax)


def _within(name: str) -> str:
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def _shares_clear(row: pd.Series) -> bool:
    """True where the intervals of the stated and the derived share do not meet; published points have no interval."""
    low, high = (
        row[f"stated_{end}"] if np.isfinite(row[f"stated_{end}"]) else row["stated"] for end in ("low", "high")
    )
    return bool(low > row["share_high"] or high < row["share_low"])


def chance_words(share: float, language: str) -> str:
    """A chance in percent, without claiming certainty.

    >>> chance_words(0.9996, "en"), chance_words(0.0, "zh"), chance_words(0.42, "en")
    ('over 99%', '不足 1%', '42%')
    """
    over, under = ("99% 以上", "不足 1%") if language == "zh" else ("over 99%", "under 1%")
    return over if share > 0.995 else under if share < 0.005 else f"{100 * share:.0f}%"


# --- verb --------------------------------------------------------------------------------------------------


def drivers(
    data: Responses | pd.DataFrame,
    *,
    outcome: str,
    drivers: Literal["dimensions", "items"] | Sequence[str] = "dimensions",
    method: Method | None = None,
    stated: Mapping[str, str | float] | None = None,
    stated_scale: StatedScale = "points",
    form: Form = "perception",
    by: str | Sequence[str] | None = None,
    design: SampleDesign | None = None,
    labels: Labels | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
) -> Drivers:
    """How much each part of service counts for an outcome, derived from answers and as customers state it, with its rank's chances.

    Parameters
    ----------
    data : Responses, or a frame with one row per respondent
    outcome : an outcome of the instrument ("overall_quality") or a numeric column
    drivers : "dimensions" or "items" of the instrument, or a list of columns
    method : {"shapley", "johnson", "regression", "correlation"}
        What is ranked; by default Shapley up to 15 drivers, else Johnson. The others stand beside it.
    stated : driver -> column of each respondent's own points or ratings, or driver -> number (published points), optional
    stated_scale : {"points", "ratings"}
        Points are used where a respondent's add up to 100 over all drivers named.
    form : {"perception", "gap"}
        Whether instrument scores are P, or P − E of the same people.
    by : column or columns to split by
    design : sample design of a frame; responses bring their own
    labels : driver (or outcome) -> what it is called, for a frame
    level : confidence of the intervals
    interval : Bootstrap(), Jackknife(), Taylor() or Student(); by default Bootstrap() with 2,000 replicates and seed 0, for more
        than 10,000 unclustered respondents or calibrated weights linearisation

    Returns
    -------
    Drivers

    Notes
    -----
    With R the correlations of the drivers and r those with the outcome: coefficients ``R⁻¹ r``; Shapley's share, what a
    driver adds to R² averaged over all orders of entry (:func:`~servqual.drivers.shares.shapley_shares`); Johnson's relative
    weight (:func:`~servqual.drivers.shares.johnson_shares`). All are functions of weighted sums of products: a replicate
    re-weights the sums of clusters and never reads the rows. Shares cannot be negative: where a t interval would begin
    below 0 it begins at 0. The interval of R² allows for R² coming out high
    (:func:`~servqual.explained.share_interval`), that of r is Fisher's. A rank's chances come from draws of the true importance, all
    drivers pulled towards their mean as far as their errors ask (:func:`~servqual.pulled.pulled_draws`; fewer than four
    drivers: shares of replicates). In how many replicates a driver is first would count its luck twice: of such statements of 75 to
    85% about six drivers that nearly tie, 200 respondents, only 69% came true, of these 80%. They do not say that it is causal.

    Simulated, 250 studies of each kind, five drivers correlated .4, their true parts 42, 23, 16, 11, 7%, 300 replicates, nominal
    95%: shares of R² cover 88 to 99% at n = 60, 91 to 94% at 200, 92 to 96% at 600, 93 to 96% in 20 clusters of 15 (intraclass
    correlation .1); their parts of the whole 81 to 96%, 89 to 92%, 92 to 96% and 92 to 95%. The part of the strongest driver comes
    out low in small samples, since weak drivers always get something: under 100 respondents the note says so.

    Raises
    ------
    DataError
        If an answer is not a number, fewer than 4 answered everything, there are too few respondents for so many drivers, the
        outcome or a driver does not vary, or a driver follows exactly from others. In a split result that group's rows say so.

    References
    ----------
    Grömping (2007), Am. Statist. 61, 139-147, doi:10.1198/000313007X188252. Johnson (2000), Multivariate Behavioral Research 35,
    1-19, doi:10.1207/S15327906MBR3501_1. Gustafsson and Johnson (2004), Journal of Service Research 7, 124-141,
    doi:10.1177/1094670504268453: neither stated nor derived importance is the better one. Checked against R's ``relaimpo`` and
    ``rwa`` on four data sets, statsmodels, and R's ``survey`` under a design (tests/test_drivers.py).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mood = rng.normal(size=400)
    >>> frame = pd.DataFrame({name: mood + rng.normal(size=400) for name in ("waiting", "staff", "look")})
    >>> frame["quality"] = 2 * frame["waiting"] + frame["staff"] + rng.normal(size=400)
    >>> from servqual.drivers import drivers
    >>> found = drivers(frame, outcome="quality", drivers=["waiting", "staff", "look"], interval=Bootstrap(200, seed=1))
    >>> found.ranking()
    ['waiting', 'staff', 'look']
    """
    check_between("level", level, 0, 1)
    question = Question.of(data, outcome, drivers, form=form, by=by, design=design, labels=labels, taken=_TAKEN)
    chosen = _chosen_method(method, len(question.drivers))
    how = _interval_for(question, interval)
    sizes = _Sizes.of(question, chosen)
    found = _estimated(question, sizes.faulty, [_main(question, chosen), Standardised(question.columns, OUTCOME),
                                               Correlation(OUTCOME, question.columns)], how, level)  # fmt: skip
    lines = [_lines(question, sizes, k, found, chosen, level) for k in range(len(sizes.labels))]
    table, asked = pd.concat(lines, ignore_index=True), _stated(data, question, stated, stated_scale, level)
    table = table if asked is None else _beside(table, asked, question.by)
    return Drivers(
        table, question.language, level=level, interval=how, remarks=(*question.base(), *_remarks(question, found, asked)),
        cautious=question.design.selection != "probability", by=question.by, by_columns=question.by_columns, method_used=chosen,
        fit=_fit(question, sizes, found, level), outcome=question.outcome, labels=question.labels,
        stated_scale=None if asked is None else stated_scale, replicated=any(spread.replicates is not None for spread in found.spreads.values()),
    )  # fmt: skip


def _chosen_method(method: Method | None, p: int) -> Method:
    if method is None:
        return "shapley" if p <= _USUAL_SHAPLEY else "johnson"
    check_choice("method", method, Method)
    return method


def _main(question: Question, method: Method) -> Statistic:
    """The statistic behind ``importance``."""
    if method in ("shapley", "johnson"):
        return SharesOfR2(question.columns, OUTCOME, method)
    if method == "regression":
        return Standardised(question.columns, OUTCOME)
    return Correlation(OUTCOME, question.columns)


def _interval_for(question: Question, interval: Interval | None) -> Interval:
    """The interval asked for, else replicates where they can be had."""
    if interval is None and question.design.margins is None and (question.design.stages or question.rows <= _RESAMPLED):
        return Bootstrap()
    return choose_interval(question.design, interval)


@dataclass(frozen=True, eq=False)
class _Found:
    """Estimates of several statistics, the spread of the first by group, and the groups whose intervals are too narrow."""

    tables: Sequence[pd.DataFrame]
    spreads: Mapping[Any, Spread]
    narrow: tuple[tuple[Any, ...], ...]

    def of_group(self, which: int, by: Sequence[str], label: Sequence[Any]) -> pd.DataFrame:
        """The rows of one statistic in one group."""
        frame = self.tables[which]
        for name, value in zip(by, label, strict=True):
            frame = frame[frame[name] == value]
        return frame.reset_index(drop=True)


def _estimated(
    question: Question, faulty: Array, statistics: Sequence[Statistic], interval: Interval, level: float
) -> _Found:
    """All statistics with their errors, from sums alone where replicates allow it."""
    frame = question.without(faulty)
    if isinstance(interval, Bootstrap):
        found = _from_sums(question, frame, statistics, interval, level)
        if found is not None:
            return found
    parts = [Kept(interval, {}) for _ in statistics]
    tables = [estimate(frame, statistic, question.design, by=question.by, interval=part, level=level)
              for statistic, part in zip(statistics, parts, strict=True)]  # fmt: skip
    labels = {" ".join(map(str, label)): label for label, _ in question.groups()}
    narrow = (
        tuple(labels[name] for name in tables[0].narrow or ())
        if question.by
        else ((),) * (tables[0].narrow is not None)
    )
    return _Found([table.frame for table in tables], parts[0].found, narrow)


def _from_sums(
    question: Question, frame: pd.DataFrame, statistics: Sequence[Statistic], interval: Bootstrap, level: float
) -> _Found | None:
    """All statistics from one pass over the rows; None where errors need each row's influence.

    A replicate needs the sums of clusters and nothing else. Only where a stratum has one cluster, or was visited completely, or a
    group lies within one cluster, does :func:`servqual.estimate` linearise.
    """
    cells, weight = Cells.of(frame, question.design, question.by), row_weights(frame, question.design)
    score_map = _columns_together(frame, (*question.columns, OUTCOME))
    moments = Moments.from_cells(frame, score_map, cells, weight)
    domains = [domain for domain in (moments.domains if question.by else [()]) if _answers(moments, domain)]
    alone = any(within_one_cluster(moments, [domain]) for domain in domains)
    if alone or not domains or complete_strata(moments)[0] or set(question.by) & set(question.design.stages[:1]):
        return None
    answers = None if question.design.stages else frame[list(score_map.answers)].to_numpy(float)
    again = Again(moments, answers, cells.code, weight, True, lambda _: np.empty(0))
    found = {domain: _group_from_sums(again, domain, statistics, interval) for domain in domains}
    if any(spread.lonely for _, spread in found.values()):
        return None
    lines = []
    for domain, (value, spread) in found.items():
        shown = spread if interval.percentile else replace(spread, replicates=None)
        lines.append(_line_of(question.by, domain, value, shown, _answers(moments, domain), level))
    sizes = np.cumsum([0, *(len(statistic.names) for statistic in statistics)])
    tables = [pd.concat([line.iloc[a:b] for line in lines], ignore_index=True) for a, b in pairwise(sizes)]
    narrow = [
        domain
        for domain, (_, spread) in found.items()
        if spread.df[0] > 0 and is_narrow(moments, [[[domain]]], spread.df)
    ]
    return _Found(tables, {domain: spread for domain, (_, spread) in found.items()}, tuple(narrow))


def _group_from_sums(
    again: Again, domain: tuple[Any, ...], statistics: Sequence[Statistic], interval: Bootstrap
) -> tuple[Array, Spread]:
    """The values of all statistics in one group, and their spread with the replicates it was made from."""
    moments, n = again.moments, _answers(again.moments, domain)

    def values(sums: Any) -> Array:
        read = Sums(moments.map, sums(domain), n)
        return np.concatenate([statistic(read) for statistic in statistics], axis=-1)

    value = values(lambda _: moments.total(moments.in_domain(domain)))
    how = replace(interval, percentile=True)
    spread = how.spread(moments, [_answering(moments, domain)], replace(again, values=values))
    return value, replace(spread, df=np.full(len(value), spread.df[0]))


def _answers(moments: Moments, domain: tuple[Any, ...]) -> float:
    """Respondents of a group who answered everything."""
    return float(moments.total(moments.in_domain(domain), 0)[0, 1])


def _columns_together(frame: pd.DataFrame, columns: tuple[str, ...]) -> ScoreMap:
    """Columns that count where all of them are answered, about whole numbers near their means."""
    plain = ScoreMap.plain(columns)
    origin = np.rint(np.nan_to_num(frame[list(columns)].mean().to_numpy(float)))
    return replace(plain, masks=("all",) * len(columns), origin=origin)


def _answering(moments: Moments, domain: tuple[Any, ...]) -> Term:
    """The mean of the last column: a term that says which units answered, and so how many degrees of freedom there are."""
    gram = moments.total(moments.in_domain(domain))
    coefficients = np.zeros((1, len(gram)))
    coefficients[0, -1], coefficients[0, 1] = 1 / gram[0, 1], -gram[0, -1] / gram[0, 1] ** 2
    return Term(domain, coefficients, np.ones((1, 1), dtype=int))


def _line_of(
    by: Sequence[str], domain: Sequence[Any], value: Array, spread: Spread, n: float, level: float
) -> pd.DataFrame:
    """One group's estimates in the form of :func:`servqual.estimate`."""
    known = spread.df > 0
    se = np.where(known, spread.se, np.nan)
    low, high = spread.bounds(value, level)
    reason = np.where(known, np.where(np.isnan(se), "empty replicates", ""), "one answer" if n == 1 else "no df")
    label = {name: [item] * len(value) for name, item in zip(by, domain, strict=True)}
    return pd.DataFrame(
        {**label, "estimate": value, "se": se, "low": low, "high": high, "n": int(n), "df": spread.df, "reason": reason}
    )


@dataclass(frozen=True, eq=False)
class _Sizes:
    """What the correlations of each group give without an error: other methods, overlap; or why there is nothing.

    Attributes
    ----------
    labels : values of the split columns
    n, reasons : per group
    faulty : (rows,) True for respondents of groups that cannot be fitted
    numbers : per group ``vif, shapley, johnson`` of each driver, and ``condition``
    """

    labels: tuple[tuple[Any, ...], ...]
    n: tuple[int, ...]
    reasons: tuple[str, ...]
    faulty: Array
    numbers: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, question: Question, method: Method) -> _Sizes:
        columns, weights = [OUTCOME, *question.columns], question.weights()
        if len(question.drivers) > MOST_SHAPLEY and method == "shapley":
            shapley_shares(np.eye(len(question.drivers)), np.zeros(len(question.drivers)))  # says what to do instead
        labels, n, reasons, numbers, faulty = [], [], [], [], np.zeros(len(question.frame), dtype=bool)
        for label, inside in question.groups():
            values = question.frame.loc[inside, columns]
            reason, at_fault = fault_of(values) if len(values) else ("nobody", ())
            if reason and not question.by:
                raise refusal(reason, at_fault, question, len(values))
            labels.append(label)
            n.append(len(values))
            reasons.append(reason)
            numbers.append({} if reason else _overlaps(values.to_numpy(float), weights[inside]))
            faulty |= inside & bool(reason)
        if all(reasons):
            raise refusal(next(filter(lambda each: each != "nobody", reasons)), ["the drivers"], question, max(n))
        return cls(tuple(labels), tuple(n), tuple(reasons), faulty, tuple(numbers))


def _overlaps(values: Array, weights: Array) -> dict[str, Any]:
    """Importance by every method, and how far the drivers say the same, from (n, 1 + p) complete answers."""
    with one_blas_thread():
        scaled = (values - weights @ values / weights.sum()) * np.sqrt(weights)[:, None]
        products = scaled.T @ scaled
    size = np.sqrt(np.diagonal(products))
    whole = products / np.outer(size, size)
    between, shared = whole[1:, 1:], whole[0, 1:]
    few = len(shared) <= _USUAL_SHAPLEY
    return {
        "vif": inflation(between), "condition": condition_number(between), "johnson": johnson_shares(between, shared),
        "shapley": shapley_shares(between, shared) if few else np.full(len(shared), np.nan),
        "r2": float(solve_definite(between, shared) @ shared),
    }  # fmt: skip


def _lines(
    question: Question,
    sizes: _Sizes,
    k: int,
    found: _Found,
    method: Method,
    level: float,
) -> pd.DataFrame:
    """The rows of one group."""
    p, label, reason, numbers_ = len(question.drivers), sizes.labels[k], sizes.reasons[k], sizes.numbers[k]
    nothing = np.full(p, np.nan)
    head = {
        **{name: [value] * p for name, value in zip(question.by, label, strict=True)},
        "driver": list(question.drivers),
    }
    if reason:
        empty: dict[str, Any] = {name: nothing for name in _TAKEN if name not in ("driver", "n", "df", "reason")
                                 and not name.startswith("stated")}  # fmt: skip
        return pd.DataFrame({**head, **empty, "n": sizes.n[k], "df": 0.0, "reason": reason})
    main, beta, r = (found.of_group(j, question.by, label) for j in range(3))
    r_low, r_high = correlation_interval(r["estimate"].to_numpy(), r["se"].to_numpy(), r["df"].to_numpy(float), level)
    return pd.DataFrame({
        **head, **_importance(main, p, method, (r_low, r_high)), **_ranks(main["estimate"].to_numpy()[:p], found.spreads.get(label), p, level),
        "r": r["estimate"], "r_low": r_low, "r_high": r_high,
        "beta": beta["estimate"][:p], "beta_low": beta["low"][:p], "beta_high": beta["high"][:p],
        "shapley": numbers_["shapley"], "johnson": numbers_["johnson"], "vif": numbers_["vif"],
        "n": sizes.n[k], "df": main["df"][:p], "reason": main["reason"][:p],
    })  # fmt: skip


def _importance(main: pd.DataFrame, p: int, method: Method, fisher: tuple[Array, Array]) -> dict[str, Array]:
    """Importance and share with their bounds; shares stay between 0 and 1."""
    value, se, low, high = (main[name].to_numpy(float) for name in ("estimate", "se", "low", "high"))
    if method == "correlation":
        low, high = fisher
    if method in ("shapley", "johnson"):
        low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
        part = {"share": value[p : 2 * p], "share_low": low[p : 2 * p], "share_high": high[p : 2 * p]}
    else:
        share = np.abs(value[:p]) / np.abs(value[:p]).sum()
        part = {"share": share, "share_low": np.full(p, np.nan), "share_high": np.full(p, np.nan)}
    return {"importance": value[:p], "se": se[:p], "low": low[:p], "high": high[:p], **part}


def _ranks(value: Array, spread: Spread | None, p: int, level: float) -> dict[str, Array]:
    """Rank by absolute size, the ranks left open, and the chances to be first and among the first three."""
    rank = rank_draws(np.abs(value)[None, :])[0].astype(float)
    draws = None if spread is None else _draws(value, spread, p)
    if draws is None:
        return {"rank": rank, **{name: np.full(p, np.nan) for name in ("rank_low", "rank_high", "first", "top3")}}
    ranks = rank_draws(np.abs(draws))
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(ranks, tails, axis=0, method="inverted_cdf").astype(float)
    return {"rank": rank, "rank_low": np.minimum(low, rank), "rank_high": np.maximum(high, rank),
            "first": (ranks == 1).mean(axis=0), "top3": (ranks <= 3).mean(axis=0)}  # fmt: skip


def _draws(value: Array, spread: Spread, p: int) -> Array | None:
    """(draws, p) values that the importance might truly have, pulled towards each other; None without an error.

    Fewer than four drivers tell nothing of how drivers differ: then replicates serve as they are, else normal draws.
    """
    covariance = spread.covariance[:p, :p]
    if not (spread.df[:p] > 0).all():
        return None
    if p >= FEWEST:
        return (
            pulled_draws(value, covariance, float(spread.df[:p].min()), _DRAWS, _SEED)
            if np.isfinite(covariance).all()
            else None
        )
    if spread.replicates is not None:
        kept = spread.replicates[:, :p]
        kept = kept[np.isfinite(kept).all(axis=1)]
        return kept if len(kept) else None
    if not np.isfinite(covariance).all():
        return None
    generator = np.random.default_rng(_SEED)
    return np.asarray(generator.multivariate_normal(value, covariance, _DRAWS, check_valid="ignore", method="eigh"))


def _fit(question: Question, sizes: _Sizes, table: _Found, level: float) -> pd.DataFrame:
    """R² of each group with its interval, and how far the drivers overlap."""
    p, lines = len(question.drivers), []
    for label, n, reason, found in zip(sizes.labels, sizes.n, sizes.reasons, sizes.numbers, strict=True):
        line: dict[str, Any] = dict(zip(question.by, label, strict=True)) | {"n": n}
        if reason:
            lines.append({**line, "r2": np.nan, "r2_low": np.nan, "r2_high": np.nan, "condition": np.nan, "df": 0.0})
            continue
        row = table.of_group(1, question.by, label).iloc[p]
        low, high = share_interval(row["estimate"], row["se"], row["df"], n, p, level)
        lines.append(
            {
                **line,
                "r2": row["estimate"],
                "r2_low": low,
                "r2_high": high,
                "condition": found["condition"],
                "df": row["df"],
            }
        )
    return pd.DataFrame(lines)


def _remarks(question: Question, found: _Found, asked: _Stated | None) -> tuple[Text, ...]:
    """Intervals that are too narrow, and the base of stated importance, in words."""
    said: list[Text] = [] if asked is None else list(asked.remarks)
    if found.narrow:
        said.append(narrow_words(found.narrow, question.by_columns))
    return tuple(said)


# --- stated importance -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Stated:
    """Stated importance: a table ``driver, stated, stated_low, stated_high, stated_n`` per group, and its base in words."""

    frame: pd.DataFrame
    remarks: tuple[Text, ...]


def _stated(
    data: Responses | pd.DataFrame,
    question: Question,
    stated: Mapping[str, str | float] | None,
    scale: StatedScale,
    level: float,
) -> _Stated | None:
    """What customers, or a published list, say of importance."""
    check_choice("stated_scale", scale, StatedScale)
    if stated is None:
        return None
    lacking = [name for name in question.drivers if name not in stated]
    foreign = [name for name in stated if name not in question.drivers]
    if lacking or foreign:
        told = [f"lacks {', '.join(lacking)}"] * bool(lacking) + [
            f"names {', '.join(foreign)}, which are no drivers"
        ] * bool(foreign)
        raise SpecError(
            f"stated must give a column or a number for each of {', '.join(question.drivers)}; it {' and '.join(told)}."
        )
    kinds = {isinstance(value, str) for value in stated.values()}
    if len(kinds) > 1:
        raise SpecError("stated mixes columns and numbers. Give a column for each driver, or a number for each.")
    if not kinds.pop():
        return _published(question, {name: float(stated[name]) for name in question.drivers}, scale)
    return _asked(data, question, [str(stated[name]) for name in question.drivers], scale, level)


def _published(question: Question, points: Mapping[str, float], scale: StatedScale) -> _Stated:
    bad = [name for name, value in points.items() if not 0 <= value < np.inf]
    if bad or sum(points.values()) <= 0:
        raise SpecError(f"stated importance must be 0 or more, and not all 0; look at {', '.join(bad or points)}.")
    whole = sum(points.values()) if scale == "points" else 1.0
    frame = pd.DataFrame({"driver": list(points), "stated": [value / whole for value in points.values()], "stated_low": np.nan,
                          "stated_high": np.nan, "stated_n": 0})  # fmt: skip
    return _Stated(
        frame,
        ({"en": "stated importance was given as numbers, without an error", "zh": "自述重要性以数值给定，无误差"},),
    )


def _asked(
    data: Responses | pd.DataFrame, question: Question, columns: Sequence[str], scale: StatedScale, level: float
) -> _Stated:
    frame = data if isinstance(data, pd.DataFrame) else data.frame
    check_columns(columns, frame.columns, where(data))
    values = (
        usable_points(frame, columns)
        if scale == "points"
        else np.column_stack([numbers(frame[c], where(data)) for c in columns])
    )
    used = int(np.isfinite(values).all(axis=1).sum())
    if not used:
        wanted = " that add up to 100" if scale == "points" else ""
        raise DataError(f"{where(data)}: nobody gave {scale} to all of {', '.join(columns)}{wanted}.")
    held = question.frame.assign(**{column(name): values[:, k] for k, name in enumerate(question.drivers)})
    table = estimate(held, Mean(*question.columns), question.design, by=question.by, level=level).frame
    found = table.rename(
        columns={
            "statistic": "driver",
            "estimate": "stated",
            "low": "stated_low",
            "high": "stated_high",
            "n": "stated_n",
        }
    )
    found["driver"] = found["driver"].str.removeprefix("driver: ")
    kept = found[[*question.by, "driver", "stated", "stated_low", "stated_high", "stated_n"]]
    kind: Text = (
        {"en": "points that add up to 100", "zh": "合计为 100 的分值"}
        if scale == "points"
        else {"en": "ratings", "zh": "评分"}
    )
    return _Stated(kept, ({"en": f"stated importance: {kind['en']}, complete from {used:,} of {len(frame):,} respondents",
                           "zh": f"自述重要性：{kind['zh']}，{len(frame):,} 位受访者中 {used:,} 位完整"},))  # fmt: skip


def _beside(table: pd.DataFrame, asked: _Stated, by: Sequence[str]) -> pd.DataFrame:
    """Stated importance and its rank in the rows of the derived one."""
    keys = [name for name in (*by, "driver") if name in asked.frame]
    joined = table.merge(asked.frame, on=keys, how="left", sort=False)
    groups = joined.groupby(list(by), sort=False) if by else joined
    joined["stated_rank"] = groups["stated"].rank(ascending=False, method="min")
    last = ["n", "df", "reason"]
    return joined[[*(name for name in joined if name not in last), *last]]
