"""Have we heard enough? How many themes each further session brought, and how many are likely still unheard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.focus.statements import Statements, Unit, base_words, count_speakers
from survey_design.errors import DataError, SpecError, check_between
from survey_design.results import Column, Estimate, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_EXACT = 14  # sessions up to which every set of sessions is looked at
_FEW = 6  # sessions below which an estimate of what is unheard is a lower bound at best
_NAN = float("nan")

REASONS: dict[str, Text] = {
    "": {"en": "", "zh": ""},
    "one session": {"en": "one session says nothing of what others would add", "zh": "仅一场座谈会，无法估计"},
    "nothing": {"en": "no theme was heard", "zh": "没有听到任何主题"},
    "one alone": {"en": "one theme was heard in one session only and none in two: too little to estimate what is unheard",
                  "zh": "仅一个主题只出现于一场，且没有出现于两场的主题：信息不足，无法估计未听到的主题"},
    "all twice": {"en": "no theme was heard in one session only: none is estimated to be unheard; no error can be computed",
                  "zh": "没有仅出现于一场的主题；估计无未听到主题，无法计算误差"},
}  # fmt: skip

_ALIKE: Text = {
    "en": "the interval takes unheard themes to be as rare as those heard once or twice: where some are much rarer there are more of them than it says",
    "zh": "区间以未听到的主题与仅出现一两次者同样少见为前提；若有更罕见的主题，实际未听到的会多于区间所示",
}


# --- numbers -----------------------------------------------------------------------------------------------


def heard_by(incidence: Array) -> Array:
    """Themes heard after k sessions, k = 1 … m, on average over every order of the sessions.

    Parameters
    ----------
    incidence : (sessions, themes) True where a theme came up

    Notes
    -----
    The first k sessions of a random order are a random set of k, so a theme heard in s of m sessions is missed with chance
    ``C(m − s, k)/C(m, k)``, and the mean is ``Σ (1 − C(m − s, k)/C(m, k))`` (sample-based rarefaction).

    References
    ----------
    Colwell, Mao and Chang (2004), Ecology 85, 2717-2727, doi:10.1890/03-0557.

    Examples
    --------
    >>> heard_by(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=bool)).round(3).tolist()
    [1.667, 2.333, 3.0]
    """
    from math import comb

    m, times = len(incidence), incidence.sum(axis=0)
    return np.array([
        sum(1 - comb(m - int(s), k) / comb(m, k) for s in times if s) for k in range(1, m + 1)
    ])  # fmt: skip


def heard_band(incidence: Array, level: float, *, orders: int = 0, seed: int = 0) -> tuple[Array, Array]:
    """(sessions,) lowest and highest number heard after k sessions in the middle ``level`` of all orders.

    Up to 14 sessions (``orders = 0``) every set of k sessions is looked at, each as likely as the other: the quantiles are
    exact. Else so many orders are drawn.

    >>> low, high = heard_band(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=bool), 0.95)
    >>> low.tolist(), high.tolist()
    ([1, 2, 3], [2, 3, 3])
    """
    m = len(incidence)
    found: list[list[int]] = [[] for _ in range(m)]
    if not orders:
        packed = [sum(1 << int(j) for j in np.flatnonzero(row)) for row in incidence]
        union = [0] * (1 << m)
        for chosen in range(1, 1 << m):
            lowest = chosen & -chosen
            union[chosen] = union[chosen ^ lowest] | packed[lowest.bit_length() - 1]
            found[chosen.bit_count() - 1].append(union[chosen].bit_count())
    else:
        generator = np.random.default_rng(seed)
        for _ in range(orders):
            heard = np.logical_or.accumulate(incidence[generator.permutation(m)], axis=0).sum(axis=1)
            for k in range(m):
                found[k].append(int(heard[k]))
    tail = (1 - level) / 2
    low = [np.quantile(each, tail, method="inverted_cdf") for each in found]
    high = [np.quantile(each, 1 - tail, method="inverted_cdf") for each in found]
    return np.array(low, dtype=int), np.array(high, dtype=int)


class Unheard(NamedTuple):
    """Chao2: themes in all, and how sure.

    Attributes
    ----------
    total, se, low, high : themes that exist, as far as these sessions tell
    once, twice : themes heard in exactly one, exactly two sessions
    coverage : share of what sessions like these would say that was heard
    reason : why a number is missing
    """

    total: float
    se: float
    low: float
    high: float
    once: int
    twice: int
    coverage: float
    reason: str


def chao2(incidence: Array, level: float = 0.95) -> Unheard:
    """How many themes there are in all, from how many were heard in one session only and in two.

    Parameters
    ----------
    incidence : (sessions, themes) True where a theme came up
    level : confidence of the interval

    Notes
    -----
    With m sessions, S themes heard, Q₁ of them in one session and Q₂ in two, and A = (m − 1)/m: ``S + A Q₁²/(2 Q₂)``, and
    ``S + A Q₁(Q₁ − 1)/2`` where Q₂ = 0. It is a lower bound of the truth, near it where rare themes are alike. Its variance
    is Chao's, the interval is log-normal for the number unheard, so that it never falls below S. Coverage after Chao and
    Jost: ``1 − (Q₁/U) m f₀/(m f₀ + Q₁)``, with f₀ = Chao2 − S and U incidences in all. Themes are those of the code frame, to which coders
    add: a frame that is closed beforehand can't show what it has no code for. Simulated, 60 themes, 8 sessions: nominal 95%
    intervals hold the truth in 93% of studies where all themes are equally rare, in 57 to 83% where some are much rarer than others.

    References
    ----------
    Chao (1987), Biometrics 43, 783-791, doi:10.2307/2531532. Colwell and Coddington (1994), Phil. Trans. R. Soc. B 345,
    101-118, doi:10.1098/rstb.1994.0091. Chao and Jost (2012), Ecology 93, 2533-2547, doi:10.1890/11-1952.1. The
    variance was checked against the delta method with the multinomial covariance written out, the interval by simulation
    (tests/test_focus.py); scikit-bio 0.7's ``chao1_ci`` has 0.24 where Chao has 1/4.

    Examples
    --------
    >>> found = chao2(np.array([[1, 1, 1, 0, 1], [1, 1, 0, 1, 0], [1, 0, 0, 0, 0]], dtype=bool))
    >>> round(found.total, 2), found.once, found.twice, round(found.coverage, 3)
    (8.0, 3, 1, 0.719)
    """
    from scipy.special import ndtri

    times = incidence.sum(axis=0)
    m, heard, used = len(incidence), int((times > 0).sum()), int(times.sum())
    q1, q2 = int((times == 1).sum()), int((times == 2).sum())
    reason = "nothing" if not heard else "one session" if m < 2 else "" if q1 else "all twice"
    if reason in ("nothing", "one session"):
        return Unheard(_NAN, _NAN, _NAN, _NAN, q1, q2, _NAN, reason)
    a = (m - 1) / m
    unheard = a * q1**2 / (2 * q2) if q2 else a * q1 * (q1 - 1) / 2
    share = (m - 1) * q1 / ((m - 1) * q1 + 2 * q2) if q1 else 0.0
    coverage = (
        1 - q1 / used * share if q2 or q1 != 1 else 1 - q1 / used
    )  # one theme alone: its sessions are all there is
    total = heard + unheard
    if q2:
        r = q1 / q2
        variance = q2 * (a * r**2 / 2 + a**2 * r**3 + a**2 * r**4 / 4)
    else:
        variance = a * q1 * (q1 - 1) / 2 + a**2 * q1 * (2 * q1 - 1) ** 2 / 4 - a**2 * q1**4 / (4 * total)
    if not q1:
        return Unheard(total, _NAN, _NAN, _NAN, q1, q2, coverage, "all twice")
    if unheard <= 0:  # one alone: the estimate is 0 by its formula, which is no finding
        return Unheard(_NAN, _NAN, _NAN, _NAN, q1, q2, coverage, "one alone")
    factor = float(np.exp(ndtri((1 + level) / 2) * np.sqrt(np.log1p(variance / unheard**2))))
    return Unheard(
        total, float(np.sqrt(variance)), heard + unheard / factor, heard + unheard * factor, q1, q2, coverage, ""
    )


def expected_new(found: Unheard, heard: int, m: int, sessions: int = 1) -> float:
    """New themes that so many further sessions can be expected to bring.

    ``f₀ (1 − (1 − Q₁/(m f₀ + Q₁))^k)`` with f₀ = Chao2 − S (Chao et al. 2014, Ecological Monographs 84, 45-67,
    doi:10.1890/13-0133.1). Good for as many sessions again as were held, no more.

    >>> found = chao2(np.array([[1, 1, 1, 0, 1], [1, 1, 0, 1, 0], [1, 0, 0, 0, 0]], dtype=bool))
    >>> round(expected_new(found, 5, 3), 2)
    0.75
    """
    unheard = found.total - heard
    if not np.isfinite(unheard) or unheard <= 0:
        return _NAN if not np.isfinite(unheard) else 0.0
    return float(unheard * (1 - (1 - found.once / (m * unheard + found.once)) ** sessions))


def new_information(heard: Sequence[int], *, base: int = 4, run: int = 2, threshold: float = 0.05) -> int | None:
    """The session after which a run of sessions brought little: saturation after Guest, Namey and Chen.

    Parameters
    ----------
    heard : themes heard after 1, 2, … sessions, in the order held
    base : sessions whose themes are the base
    run : sessions in a row that are looked at
    threshold : new themes of the run over themes of the base, at or below which saturation is said

    Returns
    -------
    The number of sessions up to the run's end, None where it was not reached.

    References
    ----------
    Guest, Namey and Chen (2020), PLoS ONE 15(5), e0232076, doi:10.1371/journal.pone.0232076.

    Examples
    --------
    >>> new_information(np.cumsum([7, 7, 6, 6, 4, 2, 1, 1]), threshold=0.25)
    6
    """
    if min(base, run) < 1:
        raise SpecError(f"base={base}, run={run}: give whole numbers of 1 or more.")
    for last in range(base + run, len(heard) + 1):
        if heard[base - 1] and (heard[last - 1] - heard[last - run - 1]) / heard[base - 1] <= threshold:
            return last
    return None


# --- the result --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Saturation(Result):
    """Themes heard by session. Frame columns: ``k`` (sessions), ``session`` and ``new, heard`` in the order held, ``mean, low,
    high`` over every order.

    Attributes
    ----------
    estimated : :class:`Unheard`, Chao2 with its interval
    incidence : (sessions, themes) where each theme came up
    exact : True where every order was looked at, else ``orders`` were drawn with ``seed``
    reached : sessions after which the ``rule`` of Guest, Namey and Chen (base, run, threshold) was met, None if never
    """

    estimated: Unheard = None  # type: ignore[assignment]
    incidence: Array = None  # type: ignore[assignment]
    level: float = 0.95
    exact: bool = True
    orders: int = 0
    seed: int = 0
    reached: int | None = None
    rule: tuple[int, int, float] = (4, 2, 0.05)
    of: Unit = "code"
    n_themes: int = 0
    remarks: tuple[Text, ...] = field(default_factory=tuple)

    @property
    def heard(self) -> int:
        """Themes heard in all."""
        return int(self.frame["heard"].iloc[-1])

    @property
    def unheard(self) -> Estimate:
        """Themes that exist and were not heard, with the interval."""
        found, n = self.estimated, len(self.frame)
        low, high = (bound - self.heard for bound in (found.low, found.high))
        return Estimate(found.total - self.heard, found.se, low, high, n, _NAN, self.level, method="Chao2",
                        reason=say(REASONS[found.reason], self.language))  # fmt: skip

    def expected_new(self, sessions: int = 1) -> float:
        """New themes that so many further sessions can be expected to bring."""
        return expected_new(self.estimated, self.heard, len(self.frame), sessions)

    def title(self) -> str:
        return "主题饱和曲线" if self.language == "zh" else "Saturation: themes heard by session"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("k", {"en": "sessions", "zh": "场次数"}, "count"),
            Column("session", {"en": "session held", "zh": "实际场次"}),
            Column("new", {"en": "new themes", "zh": "新主题"}, "count"),
            Column("heard", {"en": "heard so far", "zh": "累计主题"}, "count"),
            Column("mean", {"en": "mean of all orders", "zh": "各种顺序均值"}, "number", decimals=1),
            Column("low", {"en": "low", "zh": "下限"}, "count"),
            Column("high", {"en": "high", "zh": "上限"}, "count"),
        )

    def note(self) -> str:
        zh, percent = self.language == "zh", f"{100 * self.level:g}%"
        how = ("every order counted" if self.exact else f"{self.orders:,} orders drawn, seed {self.seed}",
               "穷举所有顺序" if self.exact else f"随机抽取 {self.orders:,} 种顺序，种子 {self.seed}")  # fmt: skip
        alike = () if self.estimated.reason else (_ALIKE,)
        parts = [say(each, self.language) for each in (*self.remarks, self._rule_words(), *alike)]
        if zh:
            return "；".join([*parts, f"区带：中间 {percent} 的顺序，{how[1]}"]) + f"。{self.sentence()}"
        return "; ".join([*parts, f"band: the middle {percent} of orders, {how[0]}"]) + f". {self.sentence()}"

    def _rule_words(self) -> Text:
        """Whether the sessions as held met the rule."""
        base, run, threshold = self.rule
        met = f"met after {self.reached}" if self.reached else "not met"
        reached = f"在第 {self.reached} 场后达到" if self.reached else "未达到"
        if len(self.frame) < base + run:
            met, reached = f"not to be judged before session {base + run}", f"满 {base + run} 场后方可判断"
        return {"en": f"new themes of {run} sessions in a row at {100 * threshold:g}% of those of the first {base} or less: {met}",
                "zh": f"连续 {run} 场新增主题不超过前 {base} 场的 {100 * threshold:g}%：{reached}"}  # fmt: skip

    def sentence(self) -> str:
        """What was heard, what is likely unheard, what one more session would bring."""
        zh, found, m = self.language == "zh", self.estimated, len(self.frame)
        head = f"{m} 场座谈会听到 {self.heard} 个主题" if zh else (
            f"{self.heard} theme{'s' * (self.heard != 1)} heard in {m} session{'s' * (m != 1)}")  # fmt: skip
        if found.reason:
            return (
                f"{head}，{say(REASONS[found.reason], 'zh')}。"
                if zh
                else f"{head}: {say(REASONS[found.reason], 'en')}."
            )
        unheard = self.unheard
        value, one = f"{unheard.value:.1f}", f"{self.expected_new():.1f}"
        bounds = "" if not np.isfinite(unheard.low) else (
            f"（{unheard.interval('zh', 1)}）" if zh else f" ({unheard.interval('en', 1)})")  # fmt: skip
        few = m < _FEW
        if zh:
            tail = "场次少，此为下限。" if few else ""
            return (f"{head}，{found.once} 个仅出现于一场；估计至少还有 {value} 个未听到{bounds}，再开一场预计新增 {one} 个；"
                    f"覆盖率 {100 * found.coverage:.0f}%。{tail}")  # fmt: skip
        tail = " With so few sessions this is a lower bound." if few else ""
        return (f"{head}, {found.once} of them in one session only; at least {value} more are estimated to be unheard{bounds}, and "
                f"one more session is expected to bring {one}; coverage {100 * found.coverage:.0f}%.{tail}")  # fmt: skip

    def plot(self, ax: Axes | None = None) -> Axes:
        """The curve with its band, the sessions as held, and the estimate of all themes."""
        from servqual.plots.focus import draw_saturation

        return draw_saturation(self, ax)


def saturation(
    statements: Statements,
    *,
    segment: str | None = None,
    of: Unit = "code",
    counted: str = "any",
    order: Sequence[str] | None = None,
    level: float = 0.95,
    orders: int | None = None,
    seed: int = 0,
    base: int = 4,
    run: int = 2,
    threshold: float = 0.05,
) -> Saturation:
    """Themes heard after one session, two, and so on, and an estimate of what is still unheard.

    Parameters
    ----------
    statements : Statements
    segment : only sessions of this segment; a theme is then unheard where that segment did not bring it up
    of, counted : as in :func:`~servqual.focus.mentions.themes`
    order : sessions in the order held; as they stand in the file if not given
    level : of the band and of the interval of the estimate
    orders, seed : orders to draw; without ``orders`` all are looked at, up to 14 sessions, else 10,000 are drawn
    base, run, threshold : see :func:`new_information`

    Notes
    -----
    Saturation of one order depends on that order; the mean over all does not. Two questions are kept apart: the curve says what
    further sessions *like these* add, :func:`chao2` what sessions like these could still bring up. Neither speaks of people who
    were not invited. In one study of 40 groups, 80% of themes were found in two to three and 90% in three to six (Guest, Namey
    and McKenna 2017, doi:10.1177/1525822X16639015). To hear a theme is not yet to understand it: Hennink, Kaiser and Weber (2019,
    Qual. Health Res. 29, 1483-1496, doi:10.1177/1049732318821692) count saturation of codes and of meaning apart.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> found = saturation(read_statements("data/sample/statements.csv"))
    >>> found.frame["heard"].is_monotonic_increasing, found.exact
    (True, True)
    """
    check_between("level", level, 0, 1)
    given, coded = statements.given(counted, of)
    if segment is not None:
        mine = (statements.frame["segment"] == segment).to_numpy()
        if not mine.any():
            known = ", ".join(dict.fromkeys(map(str, statements.frame["segment"].dropna())))
            raise SpecError(f"no statement of segment '{segment}'. There are: {known or 'none'}.")
        coded = coded & mine
    rows = statements.frame.loc[coded]
    held = list(dict.fromkeys(rows["session"]))
    if not held:
        raise DataError(f"no coded statement (counted={counted!r}): there is no session to count.")
    if order is not None:
        absent = [name for name in held if name not in order]
        if absent or len(set(order)) < len(order):
            raise SpecError(f"order= must name every session once; it lacks {', '.join(absent) or 'none'}.")
        held = [name for name in order if name in held]
    incidence = np.array([given[coded][(rows["session"] == name).to_numpy()].any(axis=0) for name in held])
    exact = orders is None and len(held) <= _EXACT
    drawn = 0 if exact else (orders or 10_000)
    low, high = heard_band(incidence, level, orders=drawn, seed=seed)
    heard = np.logical_or.accumulate(incidence, axis=0).sum(axis=1)
    frame = pd.DataFrame({"k": range(1, len(held) + 1), "session": held, "new": np.diff(heard, prepend=0), "heard": heard,
                          "mean": heard_by(incidence), "low": low, "high": high})  # fmt: skip
    remarks = [base_words(statements, counted, (len(rows), count_speakers(rows), len(held)))]
    if heard[-1] == incidence.shape[1]:
        remarks.append({"en": "every code of the frame was heard: whatever is unheard needs new codes",
                        "zh": "编码表中的编码已全部听到：未听到的内容须新增编码"})  # fmt: skip
    return Saturation(
        frame, statements.language, estimated=chao2(incidence, level), incidence=incidence, level=level, exact=exact,
        orders=drawn, seed=seed, reached=new_information(heard.tolist(), base=base, run=run, threshold=threshold),
        rule=(base, run, threshold), of=of,
        n_themes=incidence.shape[1], remarks=tuple(remarks),
    )  # fmt: skip
