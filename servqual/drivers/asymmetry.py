"""Does bad service cost more than good service gains? Penalty and reward of each driver, and which of them is the larger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.question import FAULTS, OUTCOME, Form, Labels, Question, column, fault_of, refusal
from servqual.explained import regress
from servqual.inference import NUMBER_COLUMNS, Interval, Sums, choose_interval, estimate
from servqual.tabulation import Estimates
from survey_design.errors import DataError, SpecError, check_between
from survey_design.results import Column, Text, say, spaced
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.responses import Responses

Array = NDArray[Any]
Cuts = float | Mapping[str, float]

KINDS: Mapping[str, Text] = {
    "basic": {"en": "basic: bad service costs more", "zh": "基本型：差的损失更大"},
    "excitement": {"en": "excitement: good service gains more", "zh": "兴奋型：好的收益更大"},
    "performance": {"en": "performance: both count, alike as far as seen", "zh": "绩效型：两头都起作用，未见差别"},
    "undecided": {"en": "counts; which side more is open", "zh": "有作用，哪一头更大未定"},
    "weak": {"en": "neither side shown", "zh": "两头均未显示作用"},
    "": {"en": "", "zh": ""},
}
_REASONS: Mapping[str, Text] = {
    **FAULTS,
    "no middle": {"en": "no answers left between low and high: left out", "zh": "低分与高分之间没有回答，已略去"},
    "few at an end": {"en": "too few low or high answers: left out", "zh": "低分或高分回答过少，已略去"},
}
_QUARTER = 0.25  # share of answers that the usual cuts come nearest to
_FEWEST = 5  # answers at either end and in the middle
_TAKEN = (
    "driver", "low_cut", "high_cut", "n_low", "n_high", "penalty", "penalty_low", "penalty_high", "reward", "reward_low",
    "reward_high", "asymmetry", "asymmetry_low", "asymmetry_high", "kind", "n", "df", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class PenaltyReward(Estimates):
    """What low and high scores of each driver do to the outcome, one row per group and driver.

    Frame columns: the split columns, ``driver``; ``low_cut, high_cut`` (low is a score up to the first, high one from the
    second on) and ``n_low, n_high``; ``penalty`` and ``reward`` (points of the outcome against a middling score, all other
    drivers held fixed) and ``asymmetry``, their sum (negative where the penalty is larger), each with ``_low, _high``;
    ``kind``; ``n, df, reason``.
    """

    outcome: Text = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        named = say(self.outcome, self.language)
        inner = named[:1].lower() + named[1:] if named[1:2].islower() else named
        return self.titled({"en": f"Penalty and reward: {inner}", "zh": spaced(f"惩罚与奖励：{named}")})

    def columns(self) -> tuple[Column, ...]:
        bounds = {"low": NUMBER_COLUMNS["low"].label, "high": NUMBER_COLUMNS["high"].label}
        numbers = [
            ("penalty", "penalty", "惩罚"),
            ("reward", "reward", "奖励"),
            ("asymmetry", "reward + penalty", "奖励＋惩罚"),
        ]
        return (
            *self.by_columns,
            Column("driver", {"en": "driver", "zh": "驱动因素"}, "text", self.labels),
            *(part for name, en, zh in numbers for part in (
                Column(name, {"en": en, "zh": zh}, "signed"),
                *(Column(f"{name}_{end}", label, "signed") for end, label in bounds.items()))),
            Column("kind", {"en": "kind", "zh": "类型"}, "text", KINDS),
            Column("n_low", {"en": "n low", "zh": "低分人数"}, "count"),
            Column("n_high", {"en": "n high", "zh": "高分人数"}, "count"),
            *self.reasons(_REASONS),
        )  # fmt: skip

    def about(self) -> tuple[Text, ...]:
        return (
            {"en": "penalty and reward in points of the outcome against a middling score, other drivers held fixed; the kind is told "
             "where the interval of their sum excludes 0",
             "zh": "惩罚与奖励为相对中间得分的结果分差，其他因素不变；二者之和的区间不含 0 时才判定类型"},
            {"en": "what goes together in one survey, not what a change would cause", "zh": "为同一次调查中的关联，并非改进的因果效果"},
        )  # fmt: skip

    def row(self, driver: str, **group: Any) -> pd.Series:
        """The numbers of one driver, in one group where the result is split."""
        return self.find("driver", driver, group, "Drivers")

    def sentence(self, driver: str, **group: Any) -> str:
        """One driver in words."""
        row, zh = self.row(driver, **group), self.language == "zh"
        name = self.beside(say(self.labels[driver], self.language), row)
        if not np.isfinite(row["penalty"]):
            return self.nothing(name, "penalty or reward", say(_REASONS[row["reason"]], self.language))
        parts = [self.bounded(row, side, "signed") for side in ("penalty", "reward")]
        kind = say(KINDS[row["kind"]], self.language)
        if zh:
            return f"{name}：低分使结果变动 {parts[0]}，高分 {parts[1]}；{kind}（n = {int(row['n']):,}）。"
        return f"{name}: a low score moves the outcome by {parts[0]}, a high one by {parts[1]}; {kind} (n = {int(row['n']):,})."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Penalty at the left, reward at the right, a row for each driver."""
        from servqual.plots.drivers import draw_penalty_reward

        return draw_penalty_reward(self, ax)


@dataclass(frozen=True)
class Contrast:
    """Penalty, reward and their sum of each driver: a statistic for :func:`servqual.estimate`.

    ``low`` and ``high`` are 0/1 columns, one for each driver, in the same order.

    >>> frame = pd.DataFrame(
    ...     {"y": [1.0, 5, 6, 5, 1, 5, 8], "low": [1, 0, 0, 0, 1, 0, 0], "high": [0, 0, 1, 0, 0, 0, 1]}
    ... )
    >>> from servqual import estimate
    >>> estimate(frame, Contrast("y", ("low",), ("high",))).to_frame()["estimate"].round(9).tolist()
    [-4.0, 2.0, -2.0]
    """

    outcome: str
    low: tuple[str, ...]
    high: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.outcome, *self.low, *self.high)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{what} {k}" for what in ("penalty", "reward", "asymmetry") for k in range(len(self.low)))

    def __call__(self, sums: Sums) -> Array:
        weights, _ = regress(sums, self.outcome, (*self.low, *self.high))
        k = len(self.low)
        return np.concatenate([weights, weights[..., :k] + weights[..., k:]], axis=-1)


def penalty_reward(
    data: Responses | pd.DataFrame,
    *,
    outcome: str,
    drivers: Literal["dimensions", "items"] | Sequence[str] = "dimensions",
    low: Cuts | None = None,
    high: Cuts | None = None,
    form: Form = "perception",
    by: str | Sequence[str] | None = None,
    design: SampleDesign | None = None,
    labels: Labels | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
) -> PenaltyReward:
    """Do low scores of a driver cost more than high ones gain? The penalty-reward contrast.

    Parameters
    ----------
    data, outcome, drivers, form, by, design, labels : as in :func:`servqual.drivers.drivers`
    low, high : a score up to ``low`` is low, one from ``high`` on is high; one number for all drivers, or one for each
        By default those scores that cut off nearly a quarter of the answers at each end and leave a middle.
    level : confidence of the intervals
    interval : Taylor(), Student() or replicates; by default Taylor where a sample design is described

    Returns
    -------
    PenaltyReward

    Notes
    -----
    ``y = a + Σ_j penalty_j [x_j ≤ low_j] + reward_j [x_j ≥ high_j] + e``, weighted least squares, all drivers at once. A driver is
    *basic* where the interval of penalty + reward lies below 0 (low scores hurt more than high ones help), *excitement* where
    it lies above 0; *performance* where both sides are shown and neither is larger; *undecided* where one side is shown and the
    sum leaves it open. Cuts taken from the data count as given. Fewer cases lie at the ends than in the middle: an effect that is
    not shown is not shown to be absent.

    Raises
    ------
    SpecError
        If a low cut does not lie below the high one. DataError as in :func:`servqual.drivers.drivers`, and if no driver has
        answers at both ends and in the middle.

    References
    ----------
    Brandt (1987), in Surprenant (ed), Add Value to Your Service, American Marketing Association, 61-65. Matzler, Bailom,
    Hinterhuber, Renzl and Pichler (2004), Industrial Marketing Management 33, 271-277, doi:10.1016/S0019-8501(03)00055-5.
    Checked against statsmodels and R's ``survey`` (tests/test_drivers.py).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"queue": rng.integers(1, 8, 600), "smile": rng.integers(1, 8, 600)})
    >>> frame["mood"] = 5 - 2.0 * (frame["queue"] <= 2) + 1.5 * (frame["smile"] >= 6) + rng.normal(0, 0.5, 600)
    >>> found = penalty_reward(frame, outcome="mood", drivers=["queue", "smile"], low=2, high=6)
    >>> found.to_frame()["kind"].tolist()
    ['basic', 'excitement']
    """
    check_between("level", level, 0, 1)
    question = Question.of(data, outcome, drivers, form=form, by=by, design=design, labels=labels, taken=_TAKEN)
    cuts = _cuts(question, low, high)
    chosen = choose_interval(question.design, interval)
    held, lines = _marked(question, cuts), []
    for label, inside in question.groups():
        reasons, fault = _usable(question, held[inside], cuts)
        if fault and not question.by:
            raise _refused(reasons, fault, question)
        lines.append(_lines(question, held, label, inside, cuts, reasons, fault, chosen, level))
    return PenaltyReward(
        pd.concat(lines, ignore_index=True), question.language, level=level, interval=chosen, remarks=question.base(),
        cautious=question.design.selection != "probability", by=question.by, by_columns=question.by_columns, outcome=question.outcome,
        labels=question.labels,
    )  # fmt: skip


# --- numbers -----------------------------------------------------------------------------------------------


def usual_cuts(scores: Array) -> tuple[float, float]:
    """Scores that cut off nearly a quarter at each end and leave a middle; nan where fewer than three values occur.

    >>> usual_cuts(np.array([1, 2, 3, 4, 5, 6, 7, 7]))
    (2.0, 7.0)
    >>> usual_cuts(np.array([6, 7, 7, 6]))
    (nan, nan)
    """
    values, counts = np.unique(scores, return_counts=True)
    if len(values) < 3:
        return float("nan"), float("nan")
    up_to, from_on = np.cumsum(counts) / len(scores), np.cumsum(counts[::-1])[::-1] / len(scores)
    first = int(np.argmin(np.abs(up_to[:-2] - _QUARTER)))
    last = first + 2 + int(np.argmin(np.abs(from_on[first + 2 :] - _QUARTER)))
    return float(values[first]), float(values[last])


def _cuts(question: Question, low: Cuts | None, high: Cuts | None) -> dict[str, tuple[float, float]]:
    """Low and high cut of each driver."""
    if (low is None) != (high is None):
        raise SpecError("give both low= and high=, or neither.")
    given = {"low": low, "high": high}
    for name, value in given.items():
        if isinstance(value, Mapping) and set(value) != set(question.drivers):
            raise SpecError(
                f"{name} must give a cut for each of {', '.join(question.drivers)}; it names {', '.join(value)}."
            )
    found = {}
    for driver in question.drivers:
        if low is None or high is None:
            scores = question.frame[column(driver)].to_numpy(float)
            found[driver] = usual_cuts(scores[np.isfinite(scores)])
            continue
        pair = tuple(float(value[driver]) if isinstance(value, Mapping) else float(value) for value in (low, high))
        if not pair[0] < pair[1]:
            raise SpecError(f"{driver}: low={pair[0]:g} must lie below high={pair[1]:g}.")
        found[driver] = (pair[0], pair[1])
    return found


def _marked(question: Question, cuts: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """The frame with a 0/1 column for low and for high scores of every driver."""
    marks = {}
    for driver, (low, high) in cuts.items():
        scores = question.frame[column(driver)]
        marks[_low(driver)] = (scores <= low).astype(float).where(scores.notna())
        marks[_high(driver)] = (scores >= high).astype(float).where(scores.notna())
    return question.frame.assign(**marks)


def _low(driver: str) -> str:
    return f"low: {driver}"


def _high(driver: str) -> str:
    return f"high: {driver}"


def _usable(
    question: Question, rows: pd.DataFrame, cuts: Mapping[str, tuple[float, float]]
) -> tuple[dict[str, str], str]:
    """Why a driver is left out, "" where it is not; and why the whole group cannot be fitted."""
    n = len(rows)
    reasons = {
        driver: _ends(rows[_low(driver)].sum(), rows[_high(driver)].sum(), n, cuts[driver])
        for driver in question.drivers
    }
    kept = [driver for driver, reason in reasons.items() if not reason]
    if not n or rows[OUTCOME].nunique() == 1:
        return dict.fromkeys(reasons, ""), "flat outcome" if n else "nobody"
    if not kept:
        return reasons, next(iter(reasons.values()))
    return reasons, fault_of(rows[[OUTCOME, *map(_low, kept), *map(_high, kept)]])[0]


def _ends(low: float, high: float, n: int, cuts: tuple[float, float]) -> str:
    """Why a driver with so many low and high scores has no contrast."""
    if np.isnan(cuts[0]) or n - low - high < 1:
        return "no middle"
    return "few at an end" if min(low, high, n - low - high) < _FEWEST else ""


def _refused(reasons: Mapping[str, str], fault: str, question: Question) -> DataError:
    if fault in ("no middle", "few at an end"):
        listed = "; ".join(f"{name}: {_REASONS[why]['en']}" for name, why in reasons.items())
        return DataError(
            f"no driver has {_FEWEST} answers each at the low end, in the middle and at the high end ({listed}). Give low= and high=."
        )
    return refusal(fault, ["low and high scores of the drivers"], question, question.n)


def _lines(
    question: Question, held: pd.DataFrame, label: tuple[Any, ...], inside: Array, cuts: Mapping[str, tuple[float, float]],
    reasons: Mapping[str, str], fault: str, interval: Interval, level: float,
) -> pd.DataFrame:  # fmt: skip
    """The rows of one group."""
    rows, kept = held[inside], [driver for driver in question.drivers if not reasons[driver]]
    head = dict(zip(question.by, label, strict=True))
    found = {} if fault else _estimated(question, held, inside, kept, interval, level)
    lines = []
    for driver in question.drivers:
        low, high = cuts[driver]
        line = {**head, "driver": driver, "low_cut": low, "high_cut": high, "n_low": int(rows[_low(driver)].sum()),
                "n_high": int(rows[_high(driver)].sum()), **found.get(driver, _NOTHING), "n": len(rows)}  # fmt: skip
        if driver not in found:
            line |= {"kind": "", "df": 0.0, "reason": reasons[driver] or fault}
        lines.append(line)
    return pd.DataFrame(lines)


_NOTHING: Mapping[str, Any] = {name: np.nan for name in _TAKEN if name.startswith(("penalty", "reward", "asymmetry"))}


def _estimated(
    question: Question, held: pd.DataFrame, inside: Array, kept: Sequence[str], interval: Interval, level: float
) -> dict[str, dict[str, Any]]:
    """Penalty, reward, asymmetry and kind of each driver that is kept, from the rows of one group."""
    statistic = Contrast(OUTCOME, tuple(map(_low, kept)), tuple(map(_high, kept)))
    answers = {name: held[name].where(inside) for name in statistic.columns}
    domain = held.assign(**answers, **{"group: inside": np.where(inside, "in", "out")})
    table = estimate(domain, statistic, question.design, by="group: inside", interval=interval, level=level).frame
    table = table[table["group: inside"] == "in"].reset_index(drop=True)
    out = {}
    for k, driver in enumerate(kept):
        line: dict[str, Any] = {}
        for j, what in enumerate(("penalty", "reward", "asymmetry")):
            row = table.iloc[j * len(kept) + k]
            line |= {what: row["estimate"], f"{what}_low": row["low"], f"{what}_high": row["high"]}
        first = table.iloc[k]
        out[driver] = {**line, "kind": _kind(line), "df": first["df"], "reason": first["reason"]}
    return out


def _kind(line: Mapping[str, float]) -> str:
    """What the intervals of penalty, reward and their sum allow to say."""
    if not np.isfinite(line["asymmetry_low"]):
        return ""
    penalty, reward = line["penalty_high"] < 0, line["reward_low"] > 0
    if line["asymmetry_high"] < 0 and penalty:
        return "basic"
    if line["asymmetry_low"] > 0 and reward:
        return "excitement"
    if penalty and reward:
        return "performance"
    return "undecided" if penalty or reward else "weak"
