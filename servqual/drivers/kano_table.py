"""Must it be there, is more of it better, or does it delight? Kano's kinds of quality from pairs of questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers.question import Labels, where
from servqual.inference import NUMBER_COLUMNS, Interval, check_drawn, choose_interval, t_pvalue
from servqual.measures import NOT_STATED
from servqual.moments import Moments, ScoreMap
from servqual.proportions import SHARE_REASONS
from servqual.responses import Responses
from servqual.shares import MeanLine, share_bounds
from servqual.tabulation import Estimates, check_split, split_columns
from survey_design.errors import DataError, SpecError, check_between, check_columns
from survey_design.results import Column, Text, say
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Category = Literal["M", "O", "A", "I", "R", "Q"]

CATEGORIES: Mapping[str, Text] = {
    "M": {"en": "must-be", "zh": "必备（M）"},
    "O": {"en": "one-dimensional", "zh": "期望（O）"},
    "A": {"en": "attractive", "zh": "魅力（A）"},
    "I": {"en": "indifferent", "zh": "无差异（I）"},
    "R": {"en": "reverse", "zh": "反向（R）"},
    "Q": {"en": "questionable", "zh": "可疑（Q）"},
    "": {"en": "", "zh": ""},
}
KANO_TABLE: tuple[str, ...] = (
    "QAAAO",
    "RIIIM",
    "RIIIM",
    "RIIIM",
    "RRRRQ",
)  # rows functional, columns dysfunctional: like, ..., dislike
_ORDER = "MOAIRQ"  # ties go to what is missed most
_FONG = 1.65  # two-sided 90%, as published

_TAKEN = (
    "feature", "M", "O", "A", "I", "R", "Q", "category", "share", "second", "fong", "critical", "clear", "p", "category_rule", "strength",
    "better", "better_low", "better_high", "worse", "worse_low", "worse_high", "n", "n_base", "df", "reason",
)  # fmt: skip


def kano_categories(functional: Any, dysfunctional: Any) -> Array:
    """(n,) Kano's category of each pair of answers, "" where one is missing.

    Both questions are answered 1 like, 2 must be, 3 neutral, 4 can live with, 5 dislike: "if it is there", "if it is not".

    >>> kano_categories([1, 1, 3, 3, 5, 1, 2], [5, 3, 5, 3, 1, 1, np.nan]).tolist()
    ['O', 'A', 'M', 'I', 'R', 'Q', '']
    """
    first, second = np.asarray(functional, dtype=float), np.asarray(dysfunctional, dtype=float)
    known = np.isfinite(first) & np.isfinite(second)
    table = np.array([list(row) for row in KANO_TABLE])
    found = table[np.where(known, first, 1).astype(int) - 1, np.where(known, second, 1).astype(int) - 1]
    return np.where(known, found, "")


def fong_critical(a: Any, b: Any, n: Any) -> Any:
    """Least difference of the two most frequent categories that Fong's test calls a majority.

    ``1.65 sqrt((a + b)(2n − a − b) / (2n))`` for a and b of n answers. It takes the two counts as if they came from different
    people, which makes it a little generous.

    References
    ----------
    Fong (1996), Center for Quality Management Journal 5(3), 21-24. Checked against five features published with the R package
    ``stp25kano`` (tests/test_kano.py).

    >>> round(float(fong_critical(101, 81, 296)), 1)
    18.5
    """
    a, b, n = (np.asarray(each, dtype=float) for each in (a, b, n))
    return _FONG * np.sqrt((a + b) * (2 * n - a - b) / (2 * n))


# --- result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class KanoTable(Estimates):
    """Kano's category of each feature, one row per group and feature.

    Frame columns: the split columns, ``feature``; counts ``M, O, A, I, R, Q``; ``category`` (the most frequent) with its
    weighted ``share``, and ``second``; ``fong``, the difference of their counts (n times their shares), ``critical`` and ``clear`` (True where it is reached);
    ``p``, that both are equally frequent, under the sample design; ``category_rule``, the category after the rule M > O > A > I
    where Fong's test leaves it open; ``strength``, the share of M, O and A; ``better`` and ``worse`` with bounds, worse as a negative
    number; ``n`` answers, ``n_base`` of them M, O, A or I; ``df, reason``.
    """

    labels: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return self.titled({"en": "Kano: kinds of quality", "zh": "Kano 质量类型"})

    def columns(self) -> tuple[Column, ...]:
        yes: dict[Any, Text] = {True: {"en": "yes", "zh": "是"}, False: {"en": "no", "zh": "否"}}
        low, high = NUMBER_COLUMNS["low"].label, NUMBER_COLUMNS["high"].label
        return (
            *self.by_columns,
            Column("feature", {"en": "feature", "zh": "特性"}, "text", self.labels),
            *(Column(name, {"en": name, "zh": name}, "count") for name in _ORDER),
            Column("category", {"en": "most frequent", "zh": "最多类别"}, "text", CATEGORIES),
            Column("clear", {"en": "clear (Fong)", "zh": "明确（Fong）"}, "text", yes),
            Column("p", {"en": "p of the lead", "zh": "领先的 p"}, "p"),
            Column("category_rule", {"en": "category", "zh": "判定类别"}, "text", CATEGORIES),
            Column("better", {"en": "better", "zh": "Better"}, "number"),
            Column("better_low", low, "number"), Column("better_high", high, "number"),
            Column("worse", {"en": "worse", "zh": "Worse"}, "number"),
            Column("worse_low", low, "number"), Column("worse_high", high, "number"),
            NUMBER_COLUMNS["n"],
            *self.reasons(SHARE_REASONS),
        )  # fmt: skip

    def about(self) -> tuple[Text, ...]:
        return (
            {"en": "better = (A + O) / (A + O + M + I), worse = −(O + M) / (A + O + M + I), Wilson intervals",
             "zh": "Better =（A + O）/（A + O + M + I），Worse = −（O + M）/（A + O + M + I），Wilson 区间"},
            {"en": "clear by Fong's test at 90%; where it is not, the first of M, O, A, I of the two most frequent counts",
             "zh": "是否明确按 Fong 检验（90%）；不明确时取最多两类中按 M、O、A、I 次序在前者"},
            {"en": "Fong's test takes the two counts as if they came from different people and is generous; p counts that they don't, and the "
             "sample design",
             "zh": "Fong 检验将两类人数视为来自不同的人，偏宽松；p 已计入同一批人及抽样设计"},
        )  # fmt: skip

    def row(self, feature: str, **group: Any) -> pd.Series:
        """The numbers of one feature, in one group where the result is split."""
        return self.find("feature", feature, group, "Features")

    def sentence(self, feature: str, **group: Any) -> str:
        """One feature in words."""
        row, zh = self.row(feature, **group), self.language == "zh"
        name, why = (
            self.beside(say(self.labels[feature], self.language), row),
            say(SHARE_REASONS[row["reason"]], self.language),
        )
        if not row["category"]:
            return self.nothing(name, "category", why)
        kind, second = (say(CATEGORIES[row[each]], self.language) for each in ("category", "second"))
        share = f"{100 * row['share']:.0f}%"
        parts = [self.bounded(row, side, "number") for side in ("better", "worse")]
        if zh:
            sure = (
                "Fong 检验明确"
                if row["clear"]
                else f"与“{second}”之差未达 Fong 检验标准，按次序判为{say(CATEGORIES[row['category_rule']], 'zh')}"
            )
            return f"{name}：{kind}，占 {share}，{sure}；Better {parts[0]}，Worse {parts[1]}（n = {int(row['n']):,}）。"
        sure = "clear by Fong's test" if row["clear"] else (
            f"not clearly more than {second}; by the rule M > O > A > I it counts as {CATEGORIES[row['category_rule']]['en']}")  # fmt: skip
        return f"{name}: {kind} to {share}, {sure}; better {parts[0]}, worse {parts[1]} (n = {int(row['n']):,})."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Better against worse, every feature with its intervals and its category."""
        from servqual.plots.drivers import draw_kano

        return draw_kano(self, ax)


# --- verb --------------------------------------------------------------------------------------------------


def kano(
    data: Responses | pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    *,
    by: str | Sequence[str] | None = None,
    design: SampleDesign | None = None,
    labels: Labels | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
) -> KanoTable:
    """Kano's category of every feature, whether it is clear, and how much it can please or annoy.

    Parameters
    ----------
    data : Responses, or a frame with one row per respondent
    pairs : feature -> (column of the functional question, column of the dysfunctional one)
        Both with answers 1 like, 2 must be, 3 neutral, 4 can live with, 5 dislike.
    by : column or columns to split by
    design : sample design of a frame; responses bring their own
    labels : feature -> what it is called
    level : confidence of the intervals
    interval : Taylor(), Student() or replicates; by default Taylor where a sample design is described

    Returns
    -------
    KanoTable

    Notes
    -----
    Every pair of answers is one of six categories (:data:`KANO_TABLE`, :func:`kano_categories`). The most frequent one is the
    feature's; Fong's test says whether it is clearly ahead of the second (:func:`fong_critical`, of counts), ``p`` the same under
    the sample design, with the covariance of two shares of the same people. Where it is not clear, M > O > A > I decides between
    the two. ``better = (A + O)/(A + O + M + I)`` and ``worse = −(O + M)/(A + O + M + I)`` are shares; their intervals are
    Wilson's, of the effective sample size under a design. A feature whose answers split into two camps is no average: split it
    by segment.

    Raises
    ------
    SpecError, DataError
        If a column is missing, or an answer is not 1 to 5 (every such cell is listed in ``.cases``).

    References
    ----------
    Kano, Seraku, Takahashi and Tsuji (1984), Journal of the Japanese Society for Quality Control 14(2), 39-48. Berger et al.
    (1993), Center for Quality Management Journal 2(4), 3-36. Fong (1996), ibid. 5(3), 21-24. Checked against figures published
    with the R package ``stp25kano`` and R's ``survey`` (tests/test_kano.py).

    Examples
    --------
    >>> frame = pd.DataFrame({"f": [1, 1, 3, 1, 1, 3, 1, 1], "d": [3, 3, 5, 3, 5, 3, 3, 3]})
    >>> kano(frame, {"home delivery": ("f", "d")}).sentence("home delivery")
    "home delivery: attractive to 62%, clear by Fong's test; better 0.75 (0.41 to 0.93), worse −0.25 (−0.59 to −0.07) (n = 8)."
    """
    check_between("level", level, 0, 1)
    split = split_columns(by)
    check_split(split, _TAKEN)
    if isinstance(data, Responses) and design is not None:
        raise SpecError("responses bring their own sample design. Leave design= out, or give a data frame.")
    frame, plan = (data.frame, data.design) if isinstance(data, Responses) else (data, design or SampleDesign())
    if not pairs:
        raise SpecError("pairs names no feature. Give feature -> (functional column, dysfunctional column).")
    check_drawn(frame, plan)
    check_columns([*split, *(name for pair in pairs.values() for name in pair)], frame.columns, where(data))
    answers = _answers(frame, pairs, where(data))
    held = frame[list(dict.fromkeys([*plan.column_names(), *split]))].copy()
    for name in split:
        held[name] = held[name].astype(object).where(held[name].notna(), NOT_STATED)
    chosen = choose_interval(plan, interval)
    lines = [
        line
        for feature, kinds in answers.items()
        for line in _feature(feature, kinds, held, plan, split, chosen, level)
    ]
    columns = tuple(
        data.column_of(name) if isinstance(data, Responses) else Column(name, {"en": name}) for name in split
    )
    words = {name: (labels or {}).get(name, {"en": name}) for name in pairs}
    named: dict[str, Text] = {name: {"en": text} if isinstance(text, str) else text for name, text in words.items()}
    return KanoTable(
        pd.DataFrame(lines), data.language if isinstance(data, Responses) else "en", level=level, interval=chosen,
        remarks=(_base(answers),), cautious=plan.selection != "probability", by=split, by_columns=columns, labels=named,
    )  # fmt: skip


def _answers(frame: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], source: str) -> dict[str, Array]:
    """(n,) categories of every feature; answers that are not 1 to 5 are refused with their cells."""
    faults = []
    for name in dict.fromkeys(column for pair in pairs.values() for column in pair):
        values = pd.to_numeric(frame[name], errors="coerce")
        bad = frame[name].notna() & ~values.isin([1, 2, 3, 4, 5])
        faults += [
            {"row": row, "column": name, "value": frame.loc[row, name], "problem": "not 1 to 5"}
            for row in frame.index[bad]
        ]
    if faults:
        listed = "; ".join(f"{each['value']!r} in {each['column']}, row {each['row']}" for each in faults[:3])
        raise DataError(
            f"{source}: {len(faults)} Kano answers are not 1 (like) to 5 (dislike): {listed}. Recode them.",
            pd.DataFrame(faults),
        )
    numbers = {name: pd.to_numeric(frame[name], errors="coerce") for pair in pairs.values() for name in pair}
    return {feature: kano_categories(numbers[first], numbers[second]) for feature, (first, second) in pairs.items()}


def _base(answers: Mapping[str, Array]) -> Text:
    n = [int((kinds != "").sum()) for kinds in answers.values()]
    rows, shown = len(next(iter(answers.values()))), f"{min(n):,}" if min(n) == max(n) else f"{min(n):,}–{max(n):,}"
    return {
        "en": f"n = {shown} of {rows:,} respondents answered both questions of a pair",
        "zh": f"{rows:,} 位受访者中 n = {shown} 位答全成对问题",
    }


def _feature(
    feature: str,
    kinds: Array,
    held: pd.DataFrame,
    design: SampleDesign,
    by: tuple[str, ...],
    interval: Interval,
    level: float,
) -> list[dict[str, Any]]:
    """One row per group."""
    known, base = kinds != "", np.isin(kinds, list("MOAI"))
    columns = {f"share: {kind}": np.where(known, kinds == kind, np.nan) for kind in _ORDER}
    columns |= {
        "better": np.where(base, np.isin(kinds, ["A", "O"]), np.nan),
        "worse": np.where(base, np.isin(kinds, ["O", "M"]), np.nan),
    }
    frame = held.assign(**columns)
    moments = Moments.from_frame(frame, ScoreMap.plain(list(columns)), design, by=by)
    return [
        _line(feature, MeanLine.of(moments, label, interval), frame, kinds, design, by, interval, level)
        for label in moments.domains
    ]


def _line(
    feature: str, line: MeanLine, frame: pd.DataFrame, kinds: Array, design: SampleDesign, by: tuple[str, ...], interval: Interval,
    level: float,
) -> dict[str, Any]:  # fmt: skip
    head = {**dict(zip(by, line.label, strict=True)), "feature": feature}
    counts, n, n_base = line.total[:6].astype(int), int(line.n[0]), int(line.n[6])
    numbers = dict(zip(_ORDER, counts.tolist(), strict=True)) | {"n": n, "n_base": n_base, "df": float(line.df[0])}
    if not n:
        return {**head, **numbers, **_NOTHING}
    low, high = share_bounds(line, "wilson", level)
    order = np.argsort(-line.mean[:6], kind="stable")
    first, second = int(order[0]), int(order[1])
    weighed = n * line.mean[[first, second]]  # the counts themselves where nothing is weighted
    apart, critical = float(weighed[0] - weighed[1]), float(fong_critical(weighed[0], weighed[1], n))
    clear = apart >= critical
    open_ = not n_base
    return {
        **head, **numbers, "category": _ORDER[first], "share": line.mean[first], "second": _ORDER[second], "fong": apart, "critical": critical, "clear": clear,
        "p": _p(kinds, _ORDER[first], _ORDER[second], frame, line, design, by, interval),
        "category_rule": _ORDER[first] if clear else _ORDER[min(first, second)], "strength": float(line.mean[:3].sum()),
        "better": np.nan if open_ else line.mean[6], "better_low": low[6], "better_high": high[6],
        "worse": np.nan if open_ else -line.mean[7], "worse_low": -high[7], "worse_high": -low[7],
        "reason": "nobody" if open_ else str(line.missing()[6]) or ("one cluster" if line.lone else ""),
    }  # fmt: skip


_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("category", "second", "category_rule"), ""), "clear": None, "reason": "nobody",
    **dict.fromkeys(("share", "fong", "critical", "p", "strength", "better", "better_low", "better_high", "worse", "worse_low",
                     "worse_high"), np.nan),
}  # fmt: skip


def _p(
    kinds: Array, first: str, second: str, frame: pd.DataFrame, line: MeanLine, design: SampleDesign, by: tuple[str, ...],
    interval: Interval,
) -> float:  # fmt: skip
    """p that two categories are equally frequent: the mean of +1 and −1 against 0, under the design."""
    sign = np.where(kinds == "", np.nan, (kinds == first).astype(float) - (kinds == second))
    moments = Moments.from_frame(
        frame.assign(**{"sign of the pair": sign}), ScoreMap.plain(["sign of the pair"]), design, by=by
    )
    found = MeanLine.of(moments, line.label, interval)
    return float(t_pvalue(found.mean, found.se, found.df)[0])
