"""What share of the answers, and how sure? Top boxes, CSAT, effort and Net Promoter Scores of the responses themselves.

Every row counts who answered and who did not, takes weights and clusters into its error, and gets its bounds from
:mod:`servqual.proportions`: of counts where respondents are alike and independent, else of the effective sample size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    NUMBER_COLUMNS,
    Interval,
    Student,
    Term,
    choose_interval,
    complete_strata,
    inside_one_cluster,
    kish_deff,
    left_to_chance,
    srs_variance,
    t_interval,
    within_one_cluster,
)
from servqual.instruments import Scale
from servqual.measures import NOT_STATED
from servqual.moments import Cells, Moments, ScoreMap, margin_rows, row_weights
from servqual.proportions import (
    CURVES,
    METHODS,
    SHARE_REASONS,
    Bounds,
    ProportionMethod,
    df_shrinkage,
    effective_interval,
)
from servqual.remarks import kept_remark, strata_words
from servqual.responses import Responses
from servqual.tabulation import Estimates, narrow_remarks_of, split_columns
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Estimate, Text, say

Array = NDArray[Any]


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class _Shares(Estimates):
    """What tables of shares and of Net Promoter Scores have in common."""

    heading: Text = field(default_factory=dict)
    words: Mapping[str, Text] = field(default_factory=dict)
    numbers: ClassVar[tuple[Column, ...]] = ()

    def title(self) -> str:
        return self.titled(self.heading)

    def columns(self) -> tuple[Column, ...]:
        question = Column("measure", {"en": "question", "zh": "题目"}, "text", self.words)
        return (*self.by_columns, question, *self.numbers, *self.reasons(SHARE_REASONS))

    def note(self) -> str:
        return self.noted(self.how(), *self.remarks)

    def row(self, measure: str | None = None, **group: Any) -> pd.Series:
        """One line of the table: of a question (needed where there are several) in the group named."""
        known = self.frame["measure"].unique()
        return self.find("measure", known[0] if measure is None and len(known) == 1 else measure, group, "Questions")

    def _name(self, row: pd.Series) -> str:
        """The question and the group in words."""
        return self.beside(say(self.words.get(row["measure"], str(row["measure"])), self.language), row)

    def _base(self, row: pd.Series, unit: str) -> str:
        """The interval and the base in brackets, with the reason where there is one."""
        zh, why = self.language == "zh", say(SHARE_REASONS[row["reason"]], self.language)
        low, high = (f"{value:.0f}{unit}".replace("-", "−") for value in self._scaled(row))
        percent, n = f"{100 * self.level:g}%", f"n = {int(row['n']):,}"
        bounds = f"{percent} 置信区间 {low} 至 {high}" if zh else f"{percent} CI {low} to {high}"
        said = [bounds if np.isfinite(row["low"]) else "", n, why]
        return f"（{'，'.join(filter(None, said))}）" if zh else f" ({', '.join(filter(None, said))})"

    def _scaled(self, row: pd.Series) -> tuple[float, float]:
        raise TypeError(f"{type(self).__name__} must say the unit of its bounds")


_MEASURED = (
    NUMBER_COLUMNS["n"],
    Column("dropped", {"en": "no answer", "zh": "未作答"}, "count"),
)


@dataclass(frozen=True, eq=False, repr=False)
class ShareTable(_Shares):
    """Shares of respondents, one row per question and group.

    Frame columns: the split columns, ``measure, n, dropped, successes, share, se, low, high, df, deff, reason``. ``n``
    answered, ``dropped`` did not (missing or don't know) and are outside the base; ``successes`` is counted without
    weights, ``share`` with them. ``se`` is the design's, with divisor n - 1 in a simple sample.
    """

    curve: ProportionMethod = "wilson"
    textbook: bool = True
    asked: Text = field(default_factory=dict)
    numbers: ClassVar[tuple[Column, ...]] = (
        *_MEASURED,
        Column("successes", {"en": "successes", "zh": "符合人数"}, "count"),
        Column("share", {"en": "share", "zh": "比例"}, "share"),
        NUMBER_COLUMNS["se"],
        Column("low", NUMBER_COLUMNS["low"].label, "share"),
        Column("high", NUMBER_COLUMNS["high"].label, "share"),
        NUMBER_COLUMNS["df"],
        NUMBER_COLUMNS["deff"],
    )

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        zh, name = self.language == "zh", say(METHODS[self.curve], self.language)
        if self.textbook:
            return f"{name}，受访者相互独立" if zh else f"{name} of counts, respondents independent"
        if self.curve not in ("logit", "wald"):
            en = " on the effective sample size p(1 − p)/SE², reduced for the degrees of freedom"
            name += "，依据有效样本量 p(1 − p)/SE²（按自由度缩减）" if zh else en
        return ("；" if zh else "; ").join([name, self.interval.sentence(self.language)])

    def sentence(self, measure: str | None = None, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self.row(measure, **group), self.language == "zh"
        name, asked = self._name(row), say(self.asked, self.language)
        if not np.isfinite(row["share"]):
            return self.nothing(name, "share", say(SHARE_REASONS[row["reason"]], self.language))
        head = f"{name}：{100 * row['share']:.0f}% {asked}" if zh else f"{name}: {100 * row['share']:.0f}% {asked}"
        return head + self._base(row, "%") + ("。" if zh else ".")

    def estimate(self, measure: str | None = None, **group: Any) -> Estimate:
        """One row as an :class:`~survey_design.results.Estimate` of the share."""
        return self.as_estimate(self.row(measure, **group), "share", words=SHARE_REASONS)

    def _scaled(self, row: pd.Series) -> tuple[float, float]:
        return 100 * row["low"], 100 * row["high"]


@dataclass(frozen=True, eq=False, repr=False)
class NpsTable(_Shares):
    """Net Promoter Scores, one row per group.

    Frame columns: the split columns, ``measure, n, dropped, promoters, passives, detractors, nps, se, low, high, df, deff,
    reason``. The three kinds are weighted shares of those who answered; ``nps = 100 (promoters − detractors)``, and its
    error, are in points.
    """

    numbers: ClassVar[tuple[Column, ...]] = (
        *_MEASURED,
        Column("promoters", {"en": "promoters", "zh": "推荐者"}, "share"),
        Column("passives", {"en": "passives", "zh": "被动者"}, "share"),
        Column("detractors", {"en": "detractors", "zh": "贬损者"}, "share"),
        Column("nps", {"en": "NPS", "zh": "净推荐值"}, "signed", decimals=1),
        Column("se", NUMBER_COLUMNS["se"].label, "number", decimals=1),
        Column("low", NUMBER_COLUMNS["low"].label, "signed", decimals=1),
        Column("high", NUMBER_COLUMNS["high"].label, "signed", decimals=1),
        NUMBER_COLUMNS["df"],
        NUMBER_COLUMNS["deff"],
    )

    def sentence(self, **group: Any) -> str:
        """One row in words, with its interval and base."""
        row, zh = self.row(None, **group), self.language == "zh"
        name = self._name(row)
        if not np.isfinite(row["nps"]):
            return self.nothing(name, "NPS", say(SHARE_REASONS[row["reason"]], self.language))
        score = f"{row['nps']:+.0f}".replace("-", "−")
        pro, con = (f"{100 * row[kind]:.0f}%" for kind in ("promoters", "detractors"))
        base = self._base(row, "")
        if zh:
            return f"{name}：净推荐值 {score}{base}，推荐者 {pro}，贬损者 {con}。"
        return f"{name}: NPS {score}{base}, {pro} promoters less {con} detractors."

    def estimate(self, **group: Any) -> Estimate:
        """One row as an :class:`~survey_design.results.Estimate` of the score."""
        return self.as_estimate(self.row(None, **group), "nps", words=SHARE_REASONS)

    def _scaled(self, row: pd.Series) -> tuple[float, float]:
        return row["low"], row["high"]


# --- the verbs ---------------------------------------------------------------------------------------------


def share(
    responses: Responses,
    question: str,
    *,
    at_least: float | None = None,
    form: str = "perception",
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """The share of respondents who answered a question with ``at_least`` so much.

    Parameters
    ----------
    responses : Responses
    question : an outcome ("satisfaction"), an item ("REL2", in the ``form`` given), or any numeric column of the data
    at_least : the lowest answer that counts; by default the two best boxes of the question's scale (6 of 7)
    form : {"expectation", "perception", "minimum", "desired"}
        Which form of an item.
    by : column or columns to split by, optional
    level : confidence of the interval
    method : its formula, see :func:`~servqual.proportions.proportion_interval`
    interval : Taylor() or Student(), for the standard error; by default Taylor where the responses have a sample design

    Returns
    -------
    ShareTable
        Missing answers and don't-knows are outside the base and counted as ``dropped``.

    Notes
    -----
    Without a sample design the bounds are :func:`~servqual.proportions.proportion_interval` of the counts, exactly.
    Under one they are :func:`~servqual.proportions.effective_interval` of the weighted share, as in R; a design that
    changes nothing is worth n − 1 there. A share of 0% or 100% shows nothing of how clusters resemble each other: its
    bounds then count respondents and unequal weights (n over Kish's design effect), and the row says so. So does a row
    that lies within one cluster, whose respondents are the units.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201. Checked against R's ``survey`` 4.1 on six designs and
    against Newcombe (1998) (tests/test_shares.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> data["satisfaction"] = [6, 7, 5, 7, None]
    >>> data["store"] = list("aabbb")
    >>> responses = Responses(data, instrument)
    >>> share(responses, "REL2").sentence()
    'Agreed times: 60% answered 6 or more (95% CI 23% to 88%, n = 5).'
    >>> share(responses, "satisfaction", at_least=7, by="store").sentence(store="b")
    'Satisfaction (b): 50% answered 7 or more (95% CI 9% to 91%, n = 2).'
    """
    asked = _asked(responses, question, form)
    cut = _cut(asked, at_least, boxes=2)
    heading: Text = {"en": f"Share answering {cut:g} or more", "zh": f"回答 {cut:g} 分及以上的比例"}
    return _share_table(responses, [asked], cut, heading, by, level, method, interval)


def top_box(
    responses: Responses,
    *,
    form: str = "perception",
    boxes: int = 2,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """The share of the best answers to every item: top box (``boxes=1``), top two (2), and so on.

    Read it beside the means: a mean hides whether everyone is content or half delighted and half annoyed. Shares of
    different ``boxes`` are not comparable. Other parameters are those of :func:`share`.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> table = top_box(Responses(data, instrument)).to_frame()
    >>> len(table), float(table.loc[0, "share"])
    (22, 0.6)
    """
    side = _side_with(responses, form)
    instrument = side.instrument
    scale = instrument.scale
    if not (isinstance(boxes, int) and 1 <= boxes <= scale.high - scale.low):
        raise SpecError(
            f"boxes={boxes!r}: a scale from {scale.low} to {scale.high} has 1 to {scale.high - scale.low} top boxes."
        )
    questions = [
        _Asked(side, item.id, instrument.column(form, item.id), item.label, scale) for item in instrument.items
    ]
    cut = scale.high - boxes + 1
    heading: Text = {
        "en": f"Share answering {cut} or more ({form}, top {boxes} of {scale.low}–{scale.high})",
        "zh": f"{_FORMS.get(form, form)}：回答 {cut} 分及以上的比例（{scale.low}–{scale.high} 分的前 {boxes} 档）",
    }
    return _share_table(responses, questions, cut, heading, by, level, method, interval)


_FORMS = {"expectation": "期望", "perception": "感知", "minimum": "最低可接受", "desired": "理想",
          "disconfirmation": "不一致"}  # fmt: skip


def score_csat(
    responses: Responses,
    *,
    outcome: str = "satisfaction",
    at_least: float | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """Customer satisfaction (CSAT): the share of satisfied customers, by default the two best answers (6 and 7 of 7).

    State the scale and the cut with the number: 72% on two of seven boxes is not 72% on two of five. Other
    parameters are those of :func:`share`.

    References
    ----------
    Farris, Bendle, Pfeifer and Reibstein (2010), Marketing Metrics, 2nd ed., Pearson, section 2.7.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> score_csat(Responses(data.assign(satisfaction=[6, 7, 5, 7, 4]), instrument)).sentence()
    'Satisfaction: 60% answered 6 or more (95% CI 23% to 88%, n = 5).'
    """
    asked = _outcome(responses, outcome)
    cut = _cut(asked, at_least, boxes=2)
    return _share_table(responses, [asked], cut, _headed(asked, cut, "Customer satisfaction (CSAT)", "客户满意度（CSAT）"),
                        by, level, method, interval)  # fmt: skip


def score_ces(
    responses: Responses,
    *,
    outcome: str = "effort",
    at_least: float | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    method: ProportionMethod = "wilson",
    interval: Interval | None = None,
) -> ShareTable:
    """Customer effort (CES 2.0): the share who found it easy, by default the three best answers (5 to 7 of 7).

    The question must be worded so that high is easy ("The company made it easy for me to handle my issue"); the
    first version of 2010 asked for effort itself, where low was good. Other parameters are those of :func:`share`.

    References
    ----------
    Dixon, Freeman and Toman (2010), Harvard Business Review 88(7/8), 116-122. Dixon, Toman and DeLisi (2013), The
    Effortless Experience, Portfolio.

    Examples
    --------
    >>> import pandas as pd
    >>> from dataclasses import replace
    >>> from servqual import Responses, load_instrument
    >>> from servqual.instruments import Outcome, Scale
    >>> easy = Outcome("effort", "effort", Scale(1, 7), {"en": "Made it easy"}, {})
    >>> instrument = replace(load_instrument("servperf-22"), outcomes=(easy,))
    >>> data = pd.DataFrame({column: [5, 6, 7, 6, 4] for column in instrument.columns("perception").values()})
    >>> score_ces(Responses(data.assign(effort=[6, 7, 5, 7, 4]), instrument)).sentence()
    'Made it easy: 80% answered 5 or more (95% CI 38% to 96%, n = 5).'
    """
    asked = _outcome(responses, outcome)
    cut = _cut(asked, at_least, boxes=3)
    return _share_table(responses, [asked], cut, _headed(asked, cut, "Customer effort (CES)", "客户费力度（CES）"),
                        by, level, method, interval)  # fmt: skip


def score_nps(
    responses: Responses,
    *,
    outcome: str = "recommend",
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
) -> NpsTable:
    """Net Promoter Score: the share answering 9 or 10 less the share answering 0 to 6, in points.

    Parameters
    ----------
    responses : Responses
    outcome : a question answered from 0 to 10
    by, level, interval : as in :func:`share`

    Notes
    -----
    The score is the weighted mean of +100 (promoters), 0 (passives, 7 and 8) and −100 (detractors); its error is that
    of a mean under the design, its interval ``NPS ∓ t se``. It throws away most of what the answers say: two stores
    with one NPS may differ in both shares, so read these too.

    References
    ----------
    Reichheld (2003), Harvard Business Review 81(12), 46-54. Rocks (2016), Am. Statist. 70, 365-372,
    doi:10.1080/00031305.2016.1198279. Checked against the formula in R and a t interval of the ±100 scores.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [5, 6, 7, 6] * 5 for column in instrument.columns("perception").values()})
    >>> score_nps(Responses(data.assign(recommend=[10, 9, 8, 3] * 5), instrument)).sentence()
    'Recommendation: NPS +25 (95% CI −15 to 65, n = 20), 50% promoters less 25% detractors.'
    """
    asked = _outcome(responses, outcome)
    scale = asked.scale
    if scale is None or (scale.low, scale.high) != (0, 10):
        known = "no scale" if scale is None else f"{scale.low} to {scale.high}"
        raise SpecError(
            f"'{asked.id}' is answered from {known}; a Net Promoter Score needs 0 to 10. Use share(responses, {asked.id!r})."
        )
    answers = asked.answers()
    indicators = pd.DataFrame({"promoter": _reaches(answers, 9), "detractor": 1 - _reaches(answers, 7)})
    kinds = np.array([[1, 0, 1], [0, 1, -1]], dtype=np.int64)
    names = ("promoter", "detractor", "net")
    score_map = ScoreMap(("promoter", "detractor"), names, kinds, np.ones(3), ("all",) * 3, np.zeros(2))
    group = _Grouped.of(asked.side, indicators, score_map, by, level, interval)
    frames = [_nps_line(line, asked.id, group.by, level) for line in group.lines]
    heading: Text = {"en": "Net Promoter Score", "zh": "净推荐值（NPS）"}
    return NpsTable(pd.concat(frames, ignore_index=True), responses.language, heading=heading, **group.fields([asked]))


# --- from answers to rows ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Asked:
    """A question, the file that holds its answers, and its scale where it is known."""

    side: Responses
    id: str
    column: str
    label: Text
    scale: Scale | None

    def answers(self) -> Array:
        """(n,) answers as numbers, nan where there is none."""
        column = self.side.frame[self.column]
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        text = np.isnan(numbers) & column.notna().to_numpy()
        if text.any():
            raise DataError(
                f"{self.side.source.name}: column '{self.column}' holds {int(text.sum())} values that are not numbers, such as "
                f"{column[text].iloc[0]!r}. Make it a column of numbers (1 yes, 0 no)."
            )
        return numbers


def _outcome(responses: Responses, name: str) -> _Asked:
    """An outcome of the instruments, whose answers must be in the data."""
    for side in responses.sides:
        for outcome in side.instrument.outcomes:
            if name in (outcome.id, outcome.column) and outcome.column in side.frame.columns:
                return _Asked(side, outcome.id, outcome.column, outcome.label, outcome.scale)
    known = {o.id: o.column for side in responses.sides for o in side.instrument.outcomes}
    if name in known:
        listed = ", ".join(side.source.name for side in responses.sides)
        raise DataError(f"{listed} has no answers to '{name}': there is no column '{known[name]}'.")
    raise SpecError(f"the instrument has no outcome '{name}'. Its outcomes: {', '.join(known) or 'none'}.")


def _asked(responses: Responses, name: str, form: str) -> _Asked:
    """An outcome, an item or a column by its name."""
    if any(name in (o.id, o.column) for side in responses.sides for o in side.instrument.outcomes):
        return _outcome(responses, name)
    for side in responses.sides:
        if form in side.forms and name in [item.id for item in side.instrument.items]:
            item = side.instrument.item(name)
            return _Asked(side, name, side.instrument.column(form, name), item.label, side.instrument.scale)
    for side in responses.sides:
        if name in side.frame.columns:
            items = {side.instrument.column(f, item.id): item for f in side.forms for item in side.instrument.items}
            scale = side.instrument.scale if name in items else None
            label = items[name].label if name in items else side.column_of(name).label
            return _Asked(side, name, name, label, scale)
    if name in [item.id for side in responses.sides for item in side.instrument.items]:
        _side_with(responses, form)
    known = [*(o.id for o in responses.instrument.outcomes), *(item.id for item in responses.instrument.items)]
    check_columns([name], [*known, *responses.frame.columns], responses.source.name)
    raise SpecError(f"'{name}' is not a question of {responses.source.name}.")


def _side_with(responses: Responses, form: str) -> Responses:
    for side in responses.sides:
        if form in side.forms:
            return side
    held = ", ".join(form for side in responses.sides for form in side.forms)
    raise SpecError(f"{responses.source.name} holds no {form} answers; it holds: {held}.")


def _cut(asked: _Asked, at_least: float | None, boxes: int) -> float:
    """The lowest answer that counts, within the scale."""
    scale = asked.scale
    if at_least is None:
        if scale is None:
            raise SpecError(f"column '{asked.id}' has no scale; say which answers count: at_least=1 for a 0/1 column.")
        return max(scale.high - boxes + 1, scale.low + 1)
    if not isinstance(at_least, (int, float)) or not np.isfinite(at_least):
        raise SpecError(f"at_least={at_least!r} is not a number.")
    if scale is not None and not scale.low < at_least <= scale.high:
        raise SpecError(
            f"at_least={at_least:g}: '{asked.id}' is answered from {scale.low} to {scale.high}, so it must lie above "
            f"{scale.low} and not above {scale.high}."
        )
    return at_least


def _headed(asked: _Asked, cut: float, en: str, zh: str) -> Text:
    scale = asked.scale
    ruler = ("", "") if scale is None else (f" of {scale.low}–{scale.high}", f"（{scale.low}–{scale.high} 分）")
    return {
        "en": f"{en}: share answering {cut:g} or more{ruler[0]}",
        "zh": f"{zh}：回答 {cut:g} 分及以上的比例{ruler[1]}",
    }


def _reaches(answers: Array, cut: float) -> Array:
    """(n,) 1 where an answer reaches the cut, 0 where not, nan where there is none."""
    return np.where(np.isnan(answers), np.nan, answers >= cut)


def _share_table(
    responses: Responses,
    questions: Sequence[_Asked],
    cut: float,
    heading: Text,
    by: str | Sequence[str] | None,
    level: float,
    method: ProportionMethod,
    interval: Interval | None,
) -> ShareTable:
    check_choice("method", method, ProportionMethod)
    indicators = pd.DataFrame({asked.id: _reaches(asked.answers(), cut) for asked in questions})
    score_map = ScoreMap.plain([asked.id for asked in questions])
    group = _Grouped.of(questions[0].side, indicators, score_map, by, level, interval)
    names = [asked.id for asked in questions]
    frames = [_share_lines(line, names, group.by, method, level) for line in group.lines]
    return ShareTable(
        pd.concat(frames, ignore_index=True),
        responses.language,
        heading=heading,
        **group.fields(questions),
        curve=method,
        textbook=all(line.textbook.all() for line in group.lines),
        asked={"en": f"answered {cut:g} or more", "zh": f"回答 {cut:g} 分及以上"},
    )


@dataclass(frozen=True, eq=False)
class MeanLine:
    """One group's means before their intervals, as arrays over the m measures.

    Attributes
    ----------
    label : values of the split columns
    mean, se, df, deff : of each measure
    n, total, dropped : answers, their unweighted sum, and respondents without an answer
    kish : loss by unequal weights
    alike : all answers are the same
    textbook : respondents count as independent and alike, so that the counts say everything
    lone : the group lies within one cluster
    lonely : strata with one cluster
    asked_all : the design says that every cluster and everyone in it was asked
    """

    label: tuple[Any, ...]
    mean: Array
    se: Array
    df: Array
    deff: Array
    n: Array
    total: Array
    dropped: Array
    kish: Array
    alike: Array
    textbook: Array
    lone: bool
    lonely: tuple[str, ...]
    asked_all: bool = False

    @classmethod
    def of(cls, moments: Moments, label: tuple[Any, ...], interval: Interval) -> MeanLine:
        """Weighted means of one group's scores and their error, from the moments."""
        inside, score_map = moments.in_domain(label), moments.map
        gram, count, square = (moments.total(inside, power) for power in (1, 0, 2))
        mask, score = 1 + score_map.mask_of_score, 1 + len(score_map.mask_names) + np.arange(len(score_map.scores))
        weight, n, total = gram[0, mask], count[0, mask], count[0, score]
        alike = n * count[score, score] == total**2
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(alike, total / n, gram[0, score] / weight)
            kish = n * square[0, mask] / weight**2
        term = mean_term(label, gram.shape[0], mask, score, weight, mean)
        lone = within_one_cluster(moments, [label])
        chosen = Student() if lone else interval
        spread = inside_one_cluster(moments, [term]) if lone else interval.spread(moments, [term])
        reference = srs_variance(moments, [term])
        se = np.where(spread.df > 0, np.where(alike, 0.0, spread.se), np.nan)
        usable = ~alike & (reference > 0) & (spread.df > 0)
        deff = np.where(usable, se**2 / np.where(usable, reference, 1.0), np.nan)
        textbook = isinstance(chosen, Student) & (np.isclose(kish, 1, rtol=1e-9) | (n == 0))
        return cls(label, mean, se, np.asarray(spread.df, float), deff, n, total, count[0, 0] - n, kish, alike, textbook, lone,
                   spread.lonely, not left_to_chance(moments, label))  # fmt: skip

    def missing(self) -> Array:
        """(m,) key of the reason why no interval can be given; "" where one can."""
        by_chance = ~self.alike & (self.se == 0) & (not self.asked_all)
        rules = [
            (self.n == 0, "nobody"),
            (self.n == 1, "one answer"),
            (~(self.df > 0), "no df"),
            (by_chance, "clusters alike"),
        ]
        return np.select([rule for rule, _ in rules], [name for _, name in rules], "")

    def complete(self) -> Array:
        """(m,) True where answers differ and yet nothing is uncertain, since the design says that all were asked."""
        return ~self.alike & (self.se == 0) & self.asked_all


def mean_term(label: tuple[Any, ...], q: int, mask: Array, score: Array, weight: Array, mean: Array) -> Term:
    """Influence ``(x − mask · mean) / weight`` of a group's rows on its means."""
    m = np.arange(len(score))
    slope = np.divide(1.0, weight, out=np.zeros(len(m)), where=weight > 0)
    coefficients = np.zeros((len(m), q))
    coefficients[m, score] = slope
    coefficients[m, mask] = -slope * np.nan_to_num(mean)
    return Term(label, coefficients, mask[:, None])


_TAKEN = {"measure", "reason", *(column.name for table in (ShareTable, NpsTable) for column in table.numbers)}


@dataclass(frozen=True, eq=False)
class _Grouped:
    """All groups of a table, and what its note must say."""

    side: Responses
    by: tuple[str, ...]
    level: float
    interval: Interval
    lines: tuple[MeanLine, ...]
    moments: Moments

    @classmethod
    def of(
        cls,
        side: Responses,
        indicators: pd.DataFrame,
        score_map: ScoreMap,
        by: str | Sequence[str] | None,
        level: float,
        interval: Interval | None,
    ) -> _Grouped:
        """One pass over the answers; groups in order of first appearance."""
        check_between("level", level, 0, 1)
        split = split_columns(by)
        check_columns(split, side.frame.columns, side.source.name)
        if taken := set(split) & _TAKEN:
            raise SpecError(
                f"the table has a column {', '.join(sorted(taken))} of its own. Rename the one to split by."
            )
        stated = {name: side.frame[name].astype(object).where(side.frame[name].notna(), NOT_STATED) for name in split}
        cells = Cells.of(side.frame.assign(**stated), side.design, split)
        weight, margins = row_weights(side.frame, side.design), margin_rows(side.frame, side.design)
        moments = Moments.from_cells(indicators, score_map, cells, weight, margins)
        chosen = choose_interval(side.design, interval)
        lines = tuple(MeanLine.of(moments, label, chosen) for label in moments.domains)
        return cls(side, split, level, chosen, lines, moments)

    def fields(self, questions: Sequence[_Asked]) -> dict[str, Any]:
        """What a result is told besides its rows."""
        return {
            "by": self.by,
            "by_columns": tuple(self.side.column_of(name) for name in self.by),
            "words": {asked.id: asked.label for asked in questions if asked.label},
            "level": self.level,
            "interval": self.interval,
            "remarks": self.remarks(),
            "cautious": self.side.design.selection != "probability",
        }

    def remarks(self) -> tuple[Text, ...]:
        """Base, target and weights in words."""
        kept = kept_remark(self.side)
        said: list[Text] = [{
            "en": f"don't know and no answer are outside the base; {kept['en']}",
            "zh": f"不知道与未作答不计入基数；{kept['zh']}",
        }]  # fmt: skip
        whole, _ = complete_strata(self.moments)
        if whole and not isinstance(self.interval, Student):
            listed = strata_words(self.side, whole)
            said.append({"en": f"completely visited, so the statement is about these clusters: {listed['en']}",
                         "zh": f"已全部访问，结论仅针对这些群：{listed['zh']}"})  # fmt: skip
        lonely = sorted({name for line in self.lines for name in line.lonely})
        if lonely:
            listed = strata_words(self.side, lonely)
            said.append({"en": f"single-cluster strata ({listed['en']}) deviate from the overall mean, which overstates their error",
                         "zh": f"仅含一个群的层（{listed['zh']}）以总体均值为中心，误差偏保守"})  # fmt: skip
        df = {line.label: line.df for line in self.lines}
        said += narrow_remarks_of(self.moments, df, self.interval, [self.side.column_of(name) for name in self.by])
        if self.moments.weighted:
            kish = kish_deff(self.moments)
            said.append({"en": f"unequal weights alone: Kish deff {kish:.2f}",
                         "zh": f"仅由不等权引起的 Kish 设计效应 {kish:.2f}"})  # fmt: skip
        return tuple(said)


def _share_lines(
    line: MeanLine, names: Sequence[str], by: Sequence[str], method: ProportionMethod, level: float
) -> pd.DataFrame:
    """The rows of one group."""
    low, high = share_bounds(line, method, level)
    lost, end = line.missing(), line.alike & (line.n > 0)
    rules: list[tuple[Array, Any]] = [(lost != "", lost), (line.complete(), "complete"), (end & (method == "wald"), "no width"),
             (end & ~line.textbook, "alike")]  # fmt: skip
    reason = np.select([rule for rule, _ in rules], [name for _, name in rules], "one cluster" if line.lone else "")
    return pd.DataFrame({
        **{name: [value] * len(names) for name, value in zip(by, line.label, strict=True)},
        "measure": list(names),
        "n": line.n.astype(int),
        "dropped": line.dropped.astype(int),
        "successes": line.total.astype(int),
        "share": line.mean,
        "se": line.se,
        "low": low,
        "high": high,
        "df": line.df,
        "deff": line.deff,
        "reason": reason,
    })  # fmt: skip


def share_bounds(line: MeanLine, method: ProportionMethod, level: float) -> Bounds:
    """(m,) bounds of the shares of one group; nan where :meth:`MeanLine.missing` says why."""
    low, high = np.full((2, len(line.n)), np.nan)
    given, census = line.missing() == "", line.complete()
    exact, ends = given & line.textbook, given & ~line.textbook & line.alike
    spread = given & ~line.textbook & ~line.alike & ~census
    low[exact], high[exact] = CURVES[method](line.total[exact], line.n[exact], level)
    low[spread], high[spread] = effective_interval(
        line.mean[spread], line.se[spread], line.n[spread], line.df[spread], method=method, level=level
    )
    size = line.n[ends] / line.kish[ends] * df_shrinkage(line.n[ends], line.df[ends], level)
    low[ends], high[ends] = CURVES[method](line.mean[ends] * size, size, level)
    still = given & ~line.textbook & census
    low[still] = high[still] = line.mean[still]
    return low, high


def _nps_line(line: MeanLine, name: str, by: Sequence[str], level: float) -> pd.DataFrame:
    """The row of one group: promoters, detractors and their difference in points."""
    promoters, detractors, net = line.mean
    se, df, lost = 100 * line.se[2], line.df[2], str(line.missing()[2])
    lost = lost or ("no error" if line.alike[2] else "")
    low, high = t_interval(100 * net, np.asarray(np.nan if lost else se), df, level)
    reason = lost or ("complete" if line.complete()[2] else "one cluster" if line.lone else "")
    values = {
        **dict(zip(by, line.label, strict=True)),
        "measure": name,
        "n": int(line.n[2]),
        "dropped": int(line.dropped[2]),
        "promoters": promoters,
        "passives": 1 - promoters - detractors,
        "detractors": detractors,
        "nps": 100 * net,
        "se": se,
        "low": float(low),
        "high": float(high),
        "df": df,
        "deff": line.deff[2],
        "reason": reason,
    }
    return pd.DataFrame([values])
