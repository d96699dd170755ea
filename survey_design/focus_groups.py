"""Whom do we listen to before anything is measured? Sessions, their cost, what they can be expected to hear, who sits in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import product
from math import comb, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Per = Literal["city", "study"]

FEWEST, MOST = 1, 2  # sessions per segment that the study plan calls moderate
_SMALL, _LARGE = 5, 10  # participants between which a table can still talk
_PARTS = 12  # the largest whole number that is a part (2 to 1); larger ones are percentages
_ASSURANCE = 0.95  # chance that enough of those invited come

SEGMENTS: Mapping[str, Text] = {
    "business": {"en": "business customers", "zh": "商务客户"},
    "ordinary": {"en": "ordinary customers", "zh": "普通客户"},
}
LEVELS: Mapping[str, Text] = {
    "female": {"en": "female", "zh": "女"},
    "male": {"en": "male", "zh": "男"},
    "flagship_core": {"en": "flagship core store", "zh": "旗舰核心店"},
    "core": {"en": "core store", "zh": "核心店"},
    "first_tier": {"en": "first-tier store", "zh": "一级店"},
    "hypermarket": {"en": "hypermarket store", "zh": "超市店"},
    "cooperative": {"en": "cooperative store", "zh": "合作店"},
}
VARIABLES: Mapping[str, Text] = {
    "age": {"en": "age", "zh": "年龄"},
    "sex": {"en": "sex", "zh": "性别"},
    "tier": {"en": "store visited", "zh": "到访门店类型"},
}
QUOTAS: Mapping[str, Mapping[str, float]] = {
    "age": {"18-29": 1, "30-44": 1, "45-59": 1, "60+": 1},
    "sex": {"female": 1, "male": 1},
    "tier": {"flagship_core": 1, "core": 1, "first_tier": 1, "hypermarket": 1, "cooperative": 1},
}

_CAUTIONS: Mapping[str, Text] = {
    "none": {"en": "not heard: no session", "zh": "没有场次，听不到其意见"},
    "many": {"en": "more than 2 sessions", "zh": "多于 2 场"},
}


# --- what sessions cost, and what they can hear ------------------------------------------------------------


@dataclass(frozen=True)
class SessionCosts:
    """What is paid for, in one currency.

    Parameters
    ----------
    city : once for each city with a session (travel, local partner)
    session : for each session (room, moderator, recording, transcript)
    incentive : for each person invited; set aside for all of them, since all may come
    recruiting : for each person invited
    currency : shown beside amounts, such as "CNY"

    >>> SessionCosts(city=3000, session=5000, incentive=200).total(cities=3, sessions=12, invited=120)
    93000
    """

    city: float = 0
    session: float = 0
    incentive: float = 0
    recruiting: float = 0
    currency: str = ""

    def __post_init__(self) -> None:
        for name in ("city", "session", "incentive", "recruiting"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise SpecError(f"costs: {name}={value!r} is not an amount. Give 0 or more.")

    def total(self, *, cities: int, sessions: int, invited: int) -> float:
        """All of it."""
        return self.city * cities + self.session * sessions + (self.incentive + self.recruiting) * invited


def heard_share(share: Any, sessions: int, participants: int, *, icc: float = 0.0, at_least: int = 1) -> Any:
    """Chance that a theme is heard: that someone holding it sits in at least so many of the sessions.

    Parameters
    ----------
    share : share of the segment that holds the theme, 0 to 1; a number or an array
    sessions : sessions of that segment
    participants : people in each
    icc : how alike people of one session are (same city, same recruiter, and they influence each other), 0 to 1
    at_least : sessions in which it must come up; 1 = heard at all, 2 = heard and confirmed

    Notes
    -----
    A session of m people misses the theme with chance ``q = Π_{j<m} ((1 − p)(1 − ρ) + jρ) / ((1 − ρ) + jρ)``, the
    zero term of a beta-binomial distribution with mean p and intraclass correlation ρ; the first factor is 1 − p. With
    ρ = 0 this is ``(1 − p)^m`` and the chance to hear it ``1 − (1 − p)^n``, n people in all; with ρ = 1 each session
    counts as one person. Sessions are independent, so "at least a of k" is binomial with success 1 − q. Who holds a
    theme may still keep silent: the chance is an upper bound.

    References
    ----------
    Skellam (1948), Journal of the Royal Statistical Society B 10, 257-261 (beta-binomial). Checked against
    ``scipy.stats.betabinom`` and by simulation (tests/test_focus_groups.py).

    Examples
    --------
    A complaint of one customer in ten, two sessions of eight:

    >>> round(heard_share(0.1, 2, 8), 3), round(heard_share(0.1, 2, 8, icc=0.1), 3)
    (0.815, 0.711)
    >>> heard_share(0.1, 1, 8, at_least=2)
    0.0
    """
    for name, count, least in (("sessions", sessions, 0), ("participants", participants, 1), ("at_least", at_least, 1)):
        _check_count(name, count, least)
    p = np.asarray(share, dtype=float)
    if not ((p >= 0) & (p <= 1)).all() or not 0 <= icc <= 1:
        raise SpecError(f"share={share!r} and icc={icc!r} must lie between 0 and 1.")
    hit = 1 - _missed(p, participants, float(icc))
    few = sum((comb(sessions, k) * hit**k * (1 - hit) ** (sessions - k) for k in range(min(at_least, sessions + 1))),
              np.zeros_like(p))  # fmt: skip
    chance = np.clip(1 - few, 0.0, 1.0)
    return float(chance) if p.ndim == 0 else chance


def _missed(p: Array, m: int, icc: float) -> Array:
    """Chance that nobody of m people in one session holds the theme."""
    missed = 1 - p
    for j in range(1, m):
        missed = missed * ((1 - p) * (1 - icc) + j * icc) / ((1 - icc) + j * icc)
    return np.asarray(missed)


def invited_for(participants: int, *, show_rate: float = 0.8, minimum: int | None = None) -> int:
    """How many people to invite to a session, since some don't come.

    The smallest number, but no less than there are seats, of whom at least ``minimum`` come with a chance of 95 %;
    everyone comes or not by themselves with chance ``show_rate``. Those who come when the seats are taken are thanked,
    paid, and sent home.

    Parameters
    ----------
    participants : seats
    show_rate : share of those invited who come, above 0 up to 1
    minimum : people without whom the session would not be held; two below the seats if not given

    Examples
    --------
    >>> invited_for(8), invited_for(8, show_rate=1.0)
    (10, 8)
    """
    least = max(1, participants - 2) if minimum is None else minimum
    _check_count("participants", participants, 1)
    _check_count("minimum", least, 1)
    if least > participants:
        raise SpecError(f"minimum={least} is more than the {participants} seats. Give at most {participants}.")
    if not isinstance(show_rate, (int, float)) or not 0 < show_rate <= 1:
        raise SpecError(f"show_rate={show_rate!r} is not a share above 0 up to 1. Write 0.8 for 80 %.")
    m = participants
    while _at_least(least, m, float(show_rate)) < _ASSURANCE:
        m += 1
    return m


def _at_least(k: int, m: int, p: float) -> float:
    """Chance of k or more successes of m."""
    return 1 - sum(comb(m, j) * p**j * (1 - p) ** (m - j) for j in range(k))


# --- the plan ----------------------------------------------------------------------------------------------


def plan_focus_groups(
    cities: Sequence[str],
    segments: Sequence[str] | Mapping[str, Text] = ("business", "ordinary"),
    *,
    sessions_per_segment: int | Mapping[str, int] = 2,
    per: Per = "city",
    participants: int = 8,
    show_rate: float = 0.8,
    costs: SessionCosts | None = None,
    budget: float | None = None,
    theme_share: float = 0.1,
    icc: float = 0.1,
    language: Language = "en",
) -> FocusGroupPlan:
    """Which sessions to hold, what they cost, and what they can be expected to hear.

    Parameters
    ----------
    cities : cities (or districts) in which sessions are held, representative ones
    segments : kinds of customers who sit among themselves; names, or names with labels in both languages
    sessions_per_segment : 1 or 2; a number for all, or one for each segment. Less or more is allowed and flagged
    per : {"city", "study"}
        Whether that number is held in each city, or in the whole study (then the sessions rotate over the cities).
    participants : seats in a session
    show_rate : share of those invited who come (see :func:`invited_for`)
    costs : what is paid for
    budget : what may be spent; the plan says whether it is kept, and what would keep it
    theme_share, icc : for which theme the chance to be heard is told, and how alike people of one session are taken
        to be (see :func:`heard_share`); both are assumptions, not estimates

    Returns
    -------
    FocusGroupPlan
        A row per session. ``trade_off()`` weighs coverage, stability and cost; ``participants()`` says who sits where.

    Notes
    -----
    More segments and cities widen coverage; more sessions of each make conclusions more stable; both cost. *Coverage*
    is the share of city × segment cells with a session. *Stability* is the chance that a theme comes up in two
    sessions of its segment or more, so that it does not rest on one table.

    References
    ----------
    In one study of 40 sessions with one population, more than 80 % of all themes were found in two to three sessions,
    90 % in three to six (Guest, Namey and McKenna, 2017, Field Methods 29, 3-22, doi:10.1177/1525822X16639015). That
    is one data set, not a law; count your own saturation when the sessions are coded.

    Examples
    --------
    >>> plan = plan_focus_groups(["Guangzhou", "Wuhan", "Xi'an"], costs=SessionCosts(city=3000, session=5000))
    >>> len(plan.to_frame()), plan.total_cost
    (12, 69000)
    >>> plan.sentence()  # doctest: +ELLIPSIS
    '12 sessions in 3 cities with 2 segments: 8 seats each, 120 people to invite, cost 69,000. ...'
    """
    cities, words = _names("cities", cities), _segment_words(segments)
    counts = _session_counts(sessions_per_segment, list(words))
    _check_plan(per, participants, theme_share, icc, budget)
    check_choice("language", language, Language)
    costs = SessionCosts() if costs is None else costs
    invited = invited_for(participants, show_rate=show_rate)
    rows = list(_sessions(cities, counts, per))
    if not rows:
        raise SpecError("no session is planned: every segment has 0. Give at least one segment 1 or 2 sessions.")
    digits = max(2, len(str(len(rows))))
    frame = pd.DataFrame(rows, columns=["city", "segment", "round"])
    frame.insert(0, "session", [f"S{k:0{digits}d}" for k in range(1, len(rows) + 1)])
    frame = frame.assign(seats=participants, invited=invited)
    frame["cost"] = costs.session + invited * (costs.incentive + costs.recruiting)
    frame["caution"] = ["many" if counts[segment] > MOST else "" for segment in frame["segment"]]
    return FocusGroupPlan(frame, language, tuple(cities), words, counts, per, costs, budget, theme_share, icc)


def _names(what: str, names: Any) -> list[str]:
    """Names, each once and none empty."""
    listed = [names] if isinstance(names, str) else list(names)
    if not listed:
        raise SpecError(f"{what} is empty. Name at least one.")
    bad = [repr(name) for name in listed if not isinstance(name, str) or not name.strip()]
    twice = sorted({repr(name) for name in listed if listed.count(name) > 1})
    if bad or twice:
        said = [f"not a name: {', '.join(bad)}"] * bool(bad) + [f"named twice: {', '.join(twice)}"] * bool(twice)
        raise SpecError(f"{what}: {'; '.join(said)}. Give every one a name of its own.")
    return listed


def _segment_words(segments: Any) -> dict[str, Text]:
    named = _names("segments", segments)
    own = segments if isinstance(segments, Mapping) else {}
    return {name: own.get(name) or SEGMENTS.get(name, {"en": name, "zh": name}) for name in named}


def _session_counts(sessions: Any, segments: list[str]) -> dict[str, int]:
    counts = dict(sessions) if isinstance(sessions, Mapping) else dict.fromkeys(segments, sessions)
    strange = [name for name in counts if name not in segments]
    absent = [name for name in segments if name not in counts]
    if strange or absent:
        raise SpecError(
            f"sessions_per_segment names {', '.join(map(repr, strange)) or 'none too many'} and lacks "
            f"{', '.join(map(repr, absent)) or 'none'}. Give a number for each of {', '.join(segments)}."
        )
    for name, count in counts.items():
        _check_count(f"sessions_per_segment of '{name}'", count, 0)
    return {name: int(counts[name]) for name in segments}


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SpecError(f"{name}={value!r} is not a whole number of {least} or more.")


def _check_plan(per: Any, participants: Any, theme_share: Any, icc: Any, budget: Any) -> None:
    check_choice("per", per, Per)
    _check_count("participants", participants, 2)
    check_between("theme_share", theme_share, 0, 1)
    if isinstance(icc, bool) or not isinstance(icc, (int, float)) or not 0 <= icc <= 1:
        raise SpecError(f"icc={icc!r} must lie from 0 (people answer independently) to 1 (a session is of one mind).")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, (int, float)) or not budget > 0):
        raise SpecError(f"budget={budget!r} is not an amount above 0. Leave it out if there is none.")


def _sessions(cities: Sequence[str], counts: Mapping[str, int], per: Per) -> Iterator[tuple[str, str, int]]:
    """(city, segment, round) of every session, city by city."""
    if per == "city":
        for city, (segment, count) in product(cities, counts.items()):
            yield from ((city, segment, k) for k in range(1, count + 1))
        return
    held = [(cities[(start + k) % len(cities)], segment, k + 1)
            for start, (segment, count) in enumerate(counts.items()) for k in range(count)]  # fmt: skip
    yield from sorted(held, key=lambda session: cities.index(session[0]))


@dataclass(frozen=True, eq=False, repr=False)
class FocusGroupPlan(Result):
    """Sessions by city and segment. Frame columns: ``session, city, segment, round, seats, invited, cost, caution``.

    ``round`` counts the sessions of a segment (in its city, or in the study). ``cost`` is the session's own; what is
    paid once per city is in ``total_cost``.
    """

    cities: tuple[str, ...] = ()
    segments: Mapping[str, Text] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    per: Per = "city"
    costs: SessionCosts = field(default_factory=SessionCosts)
    budget: float | None = None
    theme_share: float = 0.1
    icc: float = 0.1

    @property
    def seats(self) -> int:
        """Seats in a session."""
        return int(self.frame["seats"].iloc[0])

    @property
    def invited(self) -> int:
        """People to invite to all sessions."""
        return int(self.frame["invited"].sum())

    @property
    def total_cost(self) -> float:
        """Sessions, people, and what is paid once per city."""
        return self.costs.total(cities=self.frame["city"].nunique(), sessions=len(self.frame), invited=self.invited)

    def sessions_of(self, segment: str) -> int:
        """Sessions of a segment in the whole study."""
        if segment not in self.segments:
            raise SpecError(f"no segment '{segment}' in this plan. It has: {', '.join(self.segments)}.")
        return int((self.frame["segment"] == segment).sum())

    def heard(self, segment: str, *, at_least: int = 1) -> float:
        """Chance that a theme held by ``theme_share`` of a segment comes up in at least so many of its sessions."""
        return heard_share(self.theme_share, self.sessions_of(segment), self.seats, icc=self.icc, at_least=at_least)

    def trade_off(self) -> TradeOff:
        """Coverage, stability and cost of other numbers of segments, cities and sessions."""
        return _trade_off(self)

    def participants(self, quotas: Mapping[str, Mapping[str, float]] | None = None) -> ParticipantMatrix:
        """Who is to sit in which session (see :class:`ParticipantMatrix`).

        ``quotas`` holds levels with their shares: shares that sum to 1, percentages that sum to 100, or small whole
        numbers for parts (two to one).
        """
        return _participants(self, QUOTAS if quotas is None else quotas)

    def cautions(self) -> tuple[Text, ...]:
        """What speaks against the plan, in both languages."""
        return tuple(_cautions(self))

    def title(self) -> str:
        return "座谈会计划" if self.language == "zh" else "Plan of focus groups"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("session", {"en": "session", "zh": "场次"}),
            Column("city", {"en": "city", "zh": "城市"}),
            Column("segment", {"en": "segment", "zh": "客户细分"}, "text", self.segments),
            Column("round", {"en": "number", "zh": "第几场"}, "count"),
            Column("seats", {"en": "seats", "zh": "座位"}, "count"),
            Column("invited", {"en": "invited", "zh": "邀请人数"}, "count"),
            Column("cost", {"en": "cost", "zh": "费用"}, "count"),
            Column("caution", {"en": "caution", "zh": "提示"}, "text", {"": {"en": ""}, **_CAUTIONS}),
        )

    def note(self) -> str:
        zh = self.language == "zh"
        said = [say(caution, self.language) for caution in self.cautions()]
        held = {"city": ("in each city", "每个城市"), "study": ("in the whole study", "整个研究")}[self.per][zh]
        counts = self._joined(f"{say(self.segments[name], self.language)} {k}" for name, k in self.counts.items())
        if zh:
            head = (f"每个细分的场次（{held}）：{counts}。每场邀请 {self.frame['invited'].iloc[0]} 人，使至少 "
                    f"{max(1, self.seats - 2)} 人到场的把握达到 95%。总费用 {self._money(self.total_cost)}（含城市固定费用）。")  # fmt: skip
            return head + "".join(said)
        head = (
            f"Sessions per segment {held}: {counts}. {self.frame['invited'].iloc[0]} are invited to each, so that at "
            f"least {max(1, self.seats - 2)} come with a chance of 95%. Cost of all {self._money(self.total_cost)}, with what is "
            "paid once per city."
        )
        return " ".join([head, *said])

    def sentence(self) -> str:
        """The plan in words: sessions, people, cost, and what they can be expected to hear."""
        least = min((name for name in self.segments if self.counts[name]), key=self.sessions_of)
        once, twice = (100 * self.heard(least, at_least=k) for k in (1, 2))
        n, cities, used = len(self.frame), self.frame["city"].nunique(), sum(k > 0 for k in self.counts.values())
        cost, share = self._money(self.total_cost), f"{100 * self.theme_share:g}"
        if self.language == "zh":
            return (
                f"{cities} 个城市、{used} 个客户细分，共 {n} 场座谈会：每场 {self.seats} 人，需邀请 {self.invited} 人，"
                f"费用 {cost}。若某一看法为一个细分中 {share}% 的客户所持有，至少听到一次的机会为 {once:.0f}%，"
                f"在两场或以上听到的机会为 {twice:.0f}%（设组内相关 {self.icc:g}；持有者未必说出，故为上限）。"
            )
        return (
            f"{_many(n, 'session')} in {_many(cities, 'city')} with {_many(used, 'segment')}: {self.seats} seats each, "
            f"{self.invited} people to invite, cost {cost}. A theme that {share}% of a segment hold comes up at least once "
            f"with a chance of {once:.0f}%, in two sessions or more with {twice:.0f}% (likeness within a session taken as "
            f"{self.icc:g}; who holds it may keep silent, so these are upper bounds)."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """How likely themes are to be heard, by how many customers hold them (:func:`draw_heard`)."""
        from survey_design.plots.focus_groups import draw_heard

        return draw_heard(self, ax)

    def _money(self, amount: float) -> str:
        shown = f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.2f}"
        return f"{shown} {self.costs.currency}".rstrip()

    def _joined(self, parts: Any) -> str:
        return ("、" if self.language == "zh" else ", ").join(parts)


def _many(n: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {noun if n == 1 else plural}"


def _cautions(plan: FocusGroupPlan) -> Iterator[Text]:
    few = [plan.segments[name] for name, count in plan.counts.items() if count < FEWEST]
    many = [plan.segments[name] for name, count in plan.counts.items() if count > MOST]
    if few:
        yield {"en": f"No session is held with {_listed(few, 'en')}: their themes will not be heard.",
               "zh": f"没有安排{_listed(few, 'zh')}的场次：听不到这部分客户的意见。"}  # fmt: skip
    if many:
        yield {"en": f"More than {MOST} sessions with {_listed(many, 'en')}: cost rises, and each adds less that is new.",
               "zh": f"{_listed(many, 'zh')}多于 {MOST} 场：费用上升，而每增加一场带来的新内容越来越少。"}  # fmt: skip
    if not _SMALL <= plan.seats <= _LARGE:
        yield {"en": f"{plan.seats} seats: outside {_SMALL} to {_LARGE} people a table hardly talks, or splits.",
               "zh": f"每场 {plan.seats} 人：少于 {_SMALL} 人或多于 {_LARGE} 人时，难以形成讨论或容易分散。"}  # fmt: skip
    empty = [city for city in plan.cities if city not in set(plan.frame["city"])]
    if empty:
        yield {"en": f"No session falls to {', '.join(empty)}.", "zh": f"没有场次安排在{'、'.join(empty)}。"}
    if plan.budget is not None and plan.total_cost > plan.budget:
        yield _over_budget(plan, plan.total_cost - plan.budget)


def _listed(words: Sequence[Text], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(say(text, language) for text in words)


def _over_budget(plan: FocusGroupPlan, over: float) -> Text:
    """By how much, and the plan with most coverage, then most stability, that the budget pays."""
    options = plan.trade_off().frame
    paid = options[options["within_budget"] & (options["sessions_per_segment"] <= MOST)]
    amount = plan._money(over)
    if paid.empty:
        return {"en": f"The plan costs {amount} more than the budget, which does not pay for a single session.",
                "zh": f"计划超出预算 {amount}；预算不足以开一场座谈会。"}  # fmt: skip
    best = paid.sort_values(["covered", "confirmed", "cost"], ascending=[False, False, True]).iloc[0]
    s, c, k = (int(best[name]) for name in ("segments", "cities", "sessions_per_segment"))
    return {
        "en": f"The plan costs {amount} more than the budget; within it: {_many(s, 'segment')}, "
        f"{_many(c, 'city')}, {k} per segment.",
        "zh": f"计划超出预算 {amount}；预算内可行：{s} 个细分、{c} 个城市、每个细分 {k} 场。",
    }


# --- coverage against stability ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class TradeOff(Result):
    """What more segments, cities and sessions would bring, and cost.

    Frame columns: ``segments, cities, sessions_per_segment, sessions, covered, heard, confirmed, cost, within_budget,
    caution, this_plan``. ``covered`` is the share of all city × segment cells with a session. ``heard`` is the chance
    that a theme of one segment comes up at least once, ``confirmed`` in two sessions or more; a segment left out hears
    nothing, and the chances are means over all segments.
    """

    theme_share: float = 0.1
    icc: float = 0.1
    budget: float | None = None

    def title(self) -> str:
        return "覆盖面、稳定性与费用" if self.language == "zh" else "Coverage, stability and cost"

    def columns(self) -> tuple[Column, ...]:
        yes: Mapping[Any, Text] = {True: {"en": "yes", "zh": "是"}, False: {"en": "no", "zh": "否"}}
        mark: Mapping[Any, Text] = {True: {"en": "this plan", "zh": "本计划"}, False: {"en": "", "zh": ""}}
        budget = (Column("within_budget", {"en": "within budget", "zh": "在预算内"}, "text", yes),)
        return (
            Column("segments", {"en": "segments", "zh": "细分数"}, "count"),
            Column("cities", {"en": "cities", "zh": "城市数"}, "count"),
            Column("sessions_per_segment", {"en": "per segment", "zh": "每细分场次"}, "count"),
            Column("sessions", {"en": "sessions", "zh": "总场次"}, "count"),
            Column("covered", {"en": "coverage", "zh": "覆盖面"}, "share"),
            Column("heard", {"en": "heard", "zh": "听到"}, "share"),
            Column("confirmed", {"en": "heard twice", "zh": "两场听到"}, "share"),
            Column("cost", {"en": "cost", "zh": "费用"}, "count"),
            *(budget if self.budget is not None else ()),
            Column("caution", {"en": "caution", "zh": "提示"}, "text", {"": {"en": ""}, **_CAUTIONS}),
            Column("this_plan", {"en": "", "zh": ""}, "text", mark),
        )

    def note(self) -> str:
        share = f"{100 * self.theme_share:g}%"
        if self.language == "zh":
            return (
                f"覆盖面：有场次的“城市 × 细分”格所占比例。听到、两场听到：一个细分中 {share} 的客户所持看法至少在一场、"
                f"两场被提及的机会，按全部细分平均；模型假设组内相关 {self.icc:g}，且持有者会说出，故为上限。"
            )
        return (
            f"Coverage: share of city × segment cells with a session. Heard, heard twice: chance that a theme of {share} of "
            f"a segment comes up in one session, in two, averaged over all segments; the model takes likeness within a "
            f"session as {self.icc:g} and supposes that who holds a theme says it, so these are upper bounds."
        )


def _trade_off(plan: FocusGroupPlan) -> TradeOff:
    most = max(MOST + 1, *plan.counts.values())
    names = list(plan.segments)
    rows = [
        _option(plan, names[:s], plan.cities[:c], k)
        for s, c, k in product(range(1, len(names) + 1), range(1, len(plan.cities) + 1), range(1, most + 1))
    ]
    return TradeOff(pd.DataFrame(rows), plan.language, plan.theme_share, plan.icc, plan.budget)


def _option(plan: FocusGroupPlan, segments: list[str], cities: Sequence[str], k: int) -> dict[str, Any]:
    """One line of the trade-off."""
    held = list(_sessions(cities, dict.fromkeys(segments, k), plan.per))
    each = len(held) // len(segments)
    invited = len(held) * int(plan.frame["invited"].iloc[0])
    cost = plan.costs.total(cities=len({city for city, *_ in held}), sessions=len(held), invited=invited)
    chance = [
        len(segments) / len(plan.segments) * heard_share(plan.theme_share, each, plan.seats, icc=plan.icc, at_least=a)
        for a in (1, 2)
    ]
    same = {name: k if name in segments else 0 for name in plan.segments} == dict(plan.counts)
    return {
        "segments": len(segments), "cities": len(cities), "sessions_per_segment": k, "sessions": len(held),
        "covered": len({(city, segment) for city, segment, _ in held}) / (len(plan.cities) * len(plan.segments)),
        "heard": chance[0], "confirmed": chance[1], "cost": cost,
        "within_budget": plan.budget is None or cost <= plan.budget, "caution": "many" if k > MOST else "",
        "this_plan": same and len(cities) == len(plan.cities),
    }  # fmt: skip


# --- who sits where ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ParticipantMatrix(Result):
    """Who is to be recruited for which place. Frame columns: ``place, session, city, segment, role``, and one per quota.

    ``role`` is "seat" or "reserve": reserves sit down where someone invited does not come. Within each session the
    seats follow the quotas as closely as whole people allow; what rounding leaves over is evened out in later sessions,
    and levels of different quotas are mixed. Names belong on the recruiter's own list, not in this table.
    """

    segments: Mapping[str, Text] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def variables(self) -> tuple[str, ...]:
        """The quotas, by the names of their columns."""
        return tuple(self.levels)

    def title(self) -> str:
        return "参与者名额表" if self.language == "zh" else "Participant matrix"

    def columns(self) -> tuple[Column, ...]:
        roles: Mapping[str, Text] = {"seat": {"en": "seat", "zh": "正选"}, "reserve": {"en": "reserve", "zh": "备选"}}
        return (
            Column("place", {"en": "place", "zh": "名额"}),
            Column("session", {"en": "session", "zh": "场次"}),
            Column("city", {"en": "city", "zh": "城市"}),
            Column("segment", {"en": "segment", "zh": "客户细分"}, "text", self.segments),
            Column("role", {"en": "role", "zh": "类别"}, "text", roles),
            *(Column(name, VARIABLES.get(name, {"en": name}), "text", LEVELS) for name in self.variables),
        )

    def note(self) -> str:
        n, reserve = len(self.frame), int((self.frame["role"] == "reserve").sum())
        if self.language == "zh":
            return f"共 {n} 个名额，其中备选 {reserve} 个。姓名由招募员另行保管，不写入本表。"
        return f"{n} places, {reserve} of them reserves. Names stay on the recruiter's own list."

    def quota(self) -> RecruitmentQuota:
        """How many people of which kind each recruiter has to find."""
        rows = [
            (city, segment, name, level, int((part[name] == level).sum()))
            for (city, segment), part in self.frame.groupby(["city", "segment"], sort=False)
            for name, levels in self.levels.items()
            for level in levels
        ]
        frame = pd.DataFrame(rows, columns=["city", "segment", "variable", "level", "n"])
        return RecruitmentQuota(frame, self.language, self.segments)


@dataclass(frozen=True, eq=False, repr=False)
class RecruitmentQuota(Result):
    """People to recruit by city, segment and level of each quota. Frame columns: ``city, segment, variable, level, n``."""

    segments: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return "招募配额" if self.language == "zh" else "Recruitment quota"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("city", {"en": "city", "zh": "城市"}),
            Column("segment", {"en": "segment", "zh": "客户细分"}, "text", self.segments),
            Column("variable", {"en": "quota", "zh": "配额变量"}, "text", VARIABLES),
            Column("level", {"en": "level", "zh": "类别"}, "text", LEVELS),
            Column("n", {"en": "to recruit", "zh": "招募人数"}, "count"),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "各配额变量分别合计；人数含备选。"
        return "Each quota adds up by itself; reserves are included."


def _participants(plan: FocusGroupPlan, quotas: Mapping[str, Mapping[str, float]]) -> ParticipantMatrix:
    shares = {name: _shares(name, levels) for name, levels in quotas.items()}
    given = {name: dict.fromkeys(levels, 0) for name, levels in shares.items()}
    pairs: dict[tuple[str, ...], int] = {}
    rows = []
    held = plan.frame[["session", "city", "segment"]].to_numpy().tolist()
    roles = (("seat", plan.seats), ("reserve", int(plan.frame["invited"].iloc[0]) - plan.seats))
    for session, (role, n) in product(held, roles):
        counts = {name: _next_counts(levels, given[name], n) for name, levels in shares.items()}
        rows += [(*session, role, *_next_person(counts, pairs)) for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["session", "city", "segment", "role", *shares])
    number = frame.groupby("session").cumcount() + 1
    frame.insert(0, "place", [f"{name}-{k:02d}" for name, k in zip(frame["session"], number, strict=True)])
    return ParticipantMatrix(
        frame, plan.language, plan.segments, {name: tuple(levels) for name, levels in shares.items()}
    )


def _shares(name: str, levels: Any) -> dict[str, float]:
    """Shares that sum to 1, from shares, percentages or parts."""
    good = isinstance(levels, Mapping) and levels
    bad = [] if not good else [
        level for level, weight in levels.items()
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not isfinite(weight) or weight < 0
    ]  # fmt: skip
    if not good or bad or not sum(levels.values()) > 0:
        raise SpecError(
            f"quota '{name}': {', '.join(map(repr, bad)) or repr(levels)} gives no shares. "
            "Write levels with shares of 0 or more, such as {'female': 0.5, 'male': 0.5}."
        )
    if name in ("place", "session", "city", "segment", "role"):
        raise SpecError(f"quota '{name}' has the name of a column of the matrix. Choose another name.")
    weights = [float(weight) for weight in levels.values()]
    total = sum(weights)
    if not _adds_up(weights):
        said = " + ".join(f"{level} {weight:g}" for level, weight in levels.items())
        raise SpecError(
            f"quota '{name}': {said} = {total:g}, and shares must add up to 1 (or 100). Correct them, or give small whole "
            "numbers for parts, such as {'female': 2, 'male': 1}."
        )
    return {str(level): weight / total for level, weight in levels.items()}


def _adds_up(weights: Sequence[float]) -> bool:
    """True for shares that sum to 1, percentages that sum to 100 (rounded ones may miss it a little), and parts.

    >>> _adds_up([0.33, 0.33, 0.33]), _adds_up([60, 40]), _adds_up([2, 1]), _adds_up([0.7, 0.6]), _adds_up([70, 60])
    (True, True, True, False, False)
    """
    off, total = 0.005 * len(weights) + 1e-9, sum(weights)
    parts = all(float(weight).is_integer() and weight <= _PARTS for weight in weights)
    return parts or abs(total - 1) <= off or abs(total - 100) <= 100 * off


def _next_counts(shares: Mapping[str, float], given: dict[str, int], n: int) -> dict[str, int]:
    """n people over the levels, so that all given so far stay nearest to the shares; ``given`` is brought up to date."""
    counts = dict.fromkeys(shares, 0)
    total = sum(given.values()) + n
    for _ in range(n):
        level = max(shares, key=lambda name: shares[name] * total - given[name])
        counts[level] += 1
        given[level] += 1
    return counts


def _next_person(counts: Mapping[str, dict[str, int]], pairs: dict[tuple[str, ...], int]) -> list[str]:
    """One level of each quota that still has places; of these the one that met the levels chosen before least often."""
    person: list[str] = []
    for name, left in counts.items():
        open_levels = [level for level, n in left.items() if n]
        met = {level: sum(pairs.get((str(k), other, name, level), 0) for k, other in enumerate(person))
               for level in open_levels}  # fmt: skip
        level = min(open_levels, key=lambda level: (met[level], -left[level]))
        left[level] -= 1
        for k, other in enumerate(person):
            pairs[str(k), other, name, level] = pairs.get((str(k), other, name, level), 0) + 1
        person.append(level)
    return person


# --- what is talked about ----------------------------------------------------------------------------------


GUIDES: Mapping[str, str] = {"general": "focus_guide.toml", "telecom": "focus_guide_telecom.toml"}
_GUIDE_KEYS: Mapping[str, tuple[set[str], set[str]]] = {  # of an entry: keys that it must have, and that it may have
    "blocks": ({"id", "minutes", "label", "questions"}, {"learn", "gap", "codes"}),
    "questions": ({"en", "zh"}, set()),
    "codes": ({"id", "en", "zh"}, set()),
    "screening": ({"id", "text", "stops"}, set()),
}
_TEXTS = ("label", "learn", "gap", "text", "stops")


def discussion_guide(
    *, guide: str | Path = "general", language: Language = "en", minutes: int = 120
) -> DiscussionGuide:
    """What a session talks about, block by block: seven demand dimensions, with a welcome before and thanks after.

    Parameters
    ----------
    guide : "general" (shops of any trade), "telecom" (phones, cards, plans), or the path of a .toml file of your own,
        written as ``focus_guide.toml`` of this package. Both that are shipped bear the same codes
    language : in which it is shown; both languages are in the frame
    minutes : length of a session, 60 to 240; the blocks are shortened or lengthened alike, in whole minutes

    Returns
    -------
    DiscussionGuide

    Raises
    ------
    SpecError
        If there is no such guide, or the file can't be used; the message lists every fault with its place.

    Examples
    --------
    >>> guide = discussion_guide(minutes=90)
    >>> int(guide.frame["minutes"].sum()), int((guide.frame["kind"] == "dimension").sum())
    (90, 7)
    >>> codes = guide.codes()
    >>> (codes["dimension"] == "service_functions").sum(), (codes["dimension"] == "service_elements").sum()
    (np.int64(6), np.int64(7))
    >>> discussion_guide(guide="telecom").codes()["en"].iloc[0]
    'Phones'
    """
    check_choice("language", language, Language)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 60 <= minutes <= 240:
        raise SpecError(f"minutes={minutes!r}: a session takes a whole number of minutes from 60 to 240.")
    content = _guide_content(guide)
    blocks = content["blocks"]
    lengths = _whole_parts([block["minutes"] for block in blocks], minutes)
    rows = [
        {"block": block["id"], "kind": "dimension" if "codes" in block else "frame",
         "start": sum(lengths[:k]), "minutes": lengths[k],
         **{f"{part}_{tongue}": block.get(part, {}).get(tongue, "") for part in ("label", "learn", "gap")
            for tongue in get_args(Language)}}
        for k, block in enumerate(blocks)
    ]  # fmt: skip
    return DiscussionGuide(pd.DataFrame(rows), language, content)


def _guide_content(guide: str | Path) -> Mapping[str, Any]:
    """The blocks and screening questions of a guide that is shipped, or of a file."""
    if guide in GUIDES:
        text, where = (resources.files("survey_design") / GUIDES[str(guide)]).read_text(encoding="utf-8"), str(guide)
    else:
        path = Path(guide) if isinstance(guide, (str, Path)) else Path()
        if path.suffix.lower() != ".toml" or not path.is_file():
            raise SpecError(f"no guide '{guide}'. Shipped: {', '.join(GUIDES)}; or give the path of a .toml file.")
        where = path.name
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SpecError(f"{where} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not valid TOML: {error}.") from error
    faults = list(_guide_faults(content))
    if faults:
        raise SpecError(f"guide '{where}' can't be used:\n" + "\n".join(f"- {fault}" for fault in faults))
    return content


def _guide_faults(content: Mapping[str, Any]) -> Iterator[str]:
    """Everything that keeps a guide's file from being used, with its place."""
    if not content.get("blocks"):
        yield "there is no [[blocks]]; give at least one, with id, minutes, label and questions."
    yield from (f"'{key}' is not known; use blocks and screening." for key in set(content) - {"blocks", "screening"})
    for kind in ("blocks", "screening"):
        yield from _entry_faults(content.get(kind, []), kind, f"[[{kind}]] number")
    blocks = content.get("blocks", [])
    for block in (each for each in (blocks if isinstance(blocks, list) else []) if isinstance(each, dict)):
        for kind in ("questions", "codes"):
            yield from _entry_faults(block.get(kind, []), kind, f"block '{block.get('id')}', {kind} number")


def _entry_faults(entries: Any, kind: str, place: str) -> Iterator[str]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        yield f"{place.removesuffix(' number')}: it is not a list of entries with keys, as in focus_guide.toml."
        return
    needed, allowed = _GUIDE_KEYS[kind]
    ids: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        here = f"{place} {number}"
        yield from (f"{here}: '{key}' is missing." for key in sorted(needed - set(entry)))
        yield from (f"{here}: '{key}' is not known." for key in sorted(set(entry) - needed - allowed))
        texts = [entry] if "en" in needed else [entry[key] for key in _TEXTS if key in entry]
        for text in texts:
            said = isinstance(text, dict) and all(isinstance(text.get(each), str) and text[each].strip()
                                                  for each in get_args(Language))  # fmt: skip
            if not said:
                yield f"{here}: its words must be given in English (en) and Chinese (zh)."
        length = entry.get("minutes", 1)
        if isinstance(length, bool) or not isinstance(length, (int, float)) or not 0 < length < float("inf"):
            yield f"{here}: minutes = {length!r} is not a number above 0."
        if entry.get("id", "") in ids:
            yield f"{here}: the id '{entry['id']}' is taken; give every entry its own."
        ids |= {entry["id"]} if isinstance(entry.get("id"), str) else set()


def _whole_parts(weights: Sequence[float], total: int) -> list[int]:
    """Whole numbers near ``weights`` that sum to ``total``: largest remainders are rounded up."""
    exact = np.array(weights, dtype=float) / sum(weights) * total
    parts = np.floor(exact).astype(int)
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[: total - parts.sum()]] += 1
    return [int(part) for part in parts]


@dataclass(frozen=True, eq=False, repr=False)
class DiscussionGuide(Result):
    """The moderator's guide: a row per block, with what to learn and which gap to find.

    Frame columns: ``block, kind, start, minutes``, and ``label, learn, gap`` in both languages (``label_en``, ...).
    ``content`` is the file that it was made from.
    """

    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_dimensions(self) -> int:
        """Blocks whose statements are coded."""
        return int((self.frame["kind"] == "dimension").sum())

    def title(self) -> str:
        total = int(self.frame["minutes"].sum())
        return f"座谈会讨论提纲（{total} 分钟）" if self.language == "zh" else f"Discussion guide ({total} minutes)"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("start", {"en": "from minute", "zh": "开始（分钟）"}, "count"),
            Column("minutes", {"en": "minutes", "zh": "时长"}, "count"),
            Column(f"label_{self.language}", {"en": "block", "zh": "环节"}),
            Column(f"learn_{self.language}", {"en": "what to learn", "zh": "了解内容"}),
            Column(f"gap_{self.language}", {"en": "gap to find", "zh": "要找的差距"}),
        )

    def note(self) -> str:
        if self.language == "zh":
            return f"{self.n_dimensions} 个需求维度，每个维度都要找出需求与现状的差距；时长为建议值。"
        return (
            f"{_many(self.n_dimensions, 'demand dimension')}; in each the gap between demand and present state is looked for. "
            "Times are proposals."
        )

    def questions(self) -> pd.DataFrame:
        """The questions, in order. Columns: ``block, number, en, zh``."""
        rows = [(block["id"], k, question["en"], question["zh"])
                for block in self.content["blocks"] for k, question in enumerate(block["questions"], start=1)]  # fmt: skip
        return pd.DataFrame(rows, columns=["block", "number", "en", "zh"])

    def codes(self) -> pd.DataFrame:
        """The codes for what is said. Columns: ``code`` ("dimension.code"), ``dimension, en, zh``.

        The six codes of ``service_functions`` are the touchpoints, the seven of ``service_elements`` the attributes;
        together they span a grid of 42 cells.
        """
        rows = [(f"{block['id']}.{code['id']}", block["id"], code["en"], code["zh"])
                for block in self.content["blocks"] for code in block.get("codes", ())]  # fmt: skip
        return pd.DataFrame(rows, columns=["code", "dimension", "en", "zh"])

    def screening(self) -> pd.DataFrame:
        """What the recruiter asks. Columns: ``id, en, zh, stops_en, stops_zh``; ``stops`` says who is not invited."""
        rows = [(question["id"], question["text"]["en"], question["text"]["zh"], question["stops"]["en"],
                 question["stops"]["zh"]) for question in self.content.get("screening", ())]  # fmt: skip
        return pd.DataFrame(rows, columns=["id", "en", "zh", "stops_en", "stops_zh"])

    def sentence(self) -> str:
        """How long it takes, and what takes longest."""
        minutes = self.frame["minutes"].to_numpy()
        name, total, most = self.frame[f"label_{self.language}"].iloc[minutes.argmax()], minutes.sum(), minutes.max()
        if self.language == "zh":
            return f"一场 {total} 分钟，{self.n_dimensions} 个需求维度；时间最长的是“{name}”，{most} 分钟。"
        return f"{total} minutes over {_many(self.n_dimensions, 'demand dimension')}; most of it, {most}, on '{name}'."
