"""Did people read the questions? Signs of careless answers: flagged, shown with and without, never deleted silently.

A flag is a question about a respondent, not a verdict. Strings and straight lines show those who repeat one answer;
the Mahalanobis distance shows those who answer at random; seconds show those who cannot have read. Each sees what
the others miss, so they stand side by side and are not melted into one score.

References
----------
Meade and Craig (2012), Psychological Methods 17, 437-455, doi:10.1037/a0028085. Curran (2016), Journal of
Experimental Social Psychology 66, 4-19, doi:10.1016/j.jesp.2015.07.006.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.responses import STEPS, Ledger, Responses
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Result, Text, say

Array = NDArray[Any]
Index = Literal["longest", "straight", "variability", "even_odd", "mahalanobis", "too_fast"]
Relative = Literal["median/3"]

TAIL = 0.001  # p of the Mahalanobis distance
SECONDS = 2.0  # seconds an item takes to read, at the least
_FEW_ITEMS = 10  # in a shorter form many careful people give one answer throughout
_FEW_DIMENSIONS = 3  # over two pairs every correlation is 1 or -1
_MANY_DIMENSIONS = 10  # with fewer, careful people often seem inconsistent by chance

INDICES: Mapping[str, Text] = {
    "longest": {"en": "longest string of one answer", "zh": "最长连续相同回答"},
    "straight": {"en": "straight-lining (share of one answer)", "zh": "直线作答（同一回答占比）"},
    "variability": {"en": "variability within the person (IRV)", "zh": "个体内变异（IRV）"},
    "even_odd": {"en": "even-odd consistency", "zh": "奇偶一致性"},
    "mahalanobis": {"en": "Mahalanobis distance", "zh": "马氏距离"},
    "too_fast": {"en": "seconds per item", "zh": "每题用时"},
    "any": {"en": "any of these", "zh": "任一指标"},
}
_FORMS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "expectation": {"en": "expectation", "zh": "期望"},
    "perception": {"en": "perception", "zh": "感知"},
    "minimum": {"en": "minimum", "zh": "最低"},
    "desired": {"en": "desired", "zh": "理想"},
    "disconfirmation": {"en": "disconfirmation", "zh": "不一致"},
}
ORIGINS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "half": {"en": "half of the items (Curran 2016)", "zh": "题项数的一半（Curran 2016）"},
    "all": {"en": "no variability at all (Dunn et al. 2018)", "zh": "毫无变异（Dunn 等 2018）"},
    "tail": {"en": "custom for outliers (Tabachnick and Fidell 2014)", "zh": "离群值惯例（Tabachnick 与 Fidell 2014）"},
    "reading": {"en": "2 s to read an item (Huang et al. 2012)", "zh": "每题至少 2 秒（Huang 等 2012）"},
    "median": {"en": "a third of this file's median", "zh": "本文件中位用时的三分之一"},
    "set": {"en": "set by the analyst", "zh": "由分析者设定"},
}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "left out": {"en": "left out by the analyst", "zh": "分析者未选用"},
    "no cut": {"en": "shown, not flagged: there is no general cut-off", "zh": "仅显示，不标记：无通用界限"},
    "coarse": {
        "en": "shown, not flagged: too few dimensions for a cut-off",
        "zh": "仅显示，不标记：维度过少，不宜设界限",
    },
    "few items": {
        "en": f"shown, not flagged: under {_FEW_ITEMS} items one answer throughout is no sign",
        "zh": f"仅显示，不标记：题项不足 {_FEW_ITEMS} 个，回答相同不足为据",
    },
    "few dimensions": {
        "en": f"needs {_FEW_DIMENSIONS} dimensions of two items or more",
        "zh": f"至少需要 {_FEW_DIMENSIONS} 个含两个以上题项的维度",
    },
    "few rows": {"en": "too few complete forms for a covariance", "zh": "完整问卷过少，无法估计协方差"},
    "flat": {"en": "no item varies", "zh": "所有题项均无差异"},
    "singular": {
        "en": "items repeat each other or do not vary: pseudo-inverse",
        "zh": "题项重复或无差异：采用广义逆",
    },
    "no seconds": {"en": "no column of seconds", "zh": "无用时数据"},
    "nobody": {"en": "nobody has what it needs", "zh": "无人具备所需数据"},
}


# --- the indices, on arrays --------------------------------------------------------------------------------


def longest_string(answers: Array) -> tuple[Array, Array]:
    """(n,) length of the longest run of one answer, in the order asked, and (n,) the answer it repeats.

    ``answers`` is (n, items), nan where blank; a blank ends a run. Of equally long runs the first counts.

    References
    ----------
    Johnson (2005), Journal of Research in Personality 39, 103-129, doi:10.1016/j.jrp.2004.09.009.

    >>> length, answer = longest_string(np.array([[7, 4, 4, 4, 5, 5], [3, 3, np.nan, 3, 3, 3]]))
    >>> length.tolist(), answer.tolist()
    ([3, 3], [4.0, 3.0])
    """
    run = np.isfinite(answers[:, 0]).astype(np.int32)
    longest, repeated = run.copy(), answers[:, 0].copy()
    for before, now in zip(answers.T[:-1], answers.T[1:], strict=True):
        run = np.where(now == before, run + 1, np.isfinite(now))
        longer = run > longest
        longest = np.where(longer, run, longest)
        repeated = np.where(longer, now, repeated)
    return longest, repeated


def share_of_one_answer(answers: Array, low: int, high: int) -> tuple[Array, Array]:
    """(n,) largest share of answers that are one and the same, wherever they stand, and (n,) that answer.

    1 is a straight line. Blanks are left out of the share; of equally frequent answers the lowest counts.

    >>> share, answer = share_of_one_answer(np.array([[5, 5, 2, 5], [6, np.nan, 6, 6]]), 1, 7)
    >>> share.tolist(), answer.tolist()
    ([0.75, 1.0], [5.0, 6.0])
    """
    most, answer = np.zeros(len(answers), np.int32), np.full(len(answers), np.nan)
    for point in range(low, high + 1):
        count = (answers == point).sum(axis=1)
        answer[count > most] = point
        most = np.maximum(most, count)
    with np.errstate(invalid="ignore"):
        return most / np.isfinite(answers).sum(axis=1), answer


def response_variability(answers: Array) -> Array:
    """(n,) standard deviation of a respondent's own answers (IRV): 0 is a straight line, large is erratic.

    ``IRV = sqrt(sum_j (x_j - mean)^2 / (m - 1))`` over the m items answered.

    References
    ----------
    Dunn, Heggestad, Shanock and Theilgard (2018), Journal of Business and Psychology 33, 105-121,
    doi:10.1007/s10869-016-9479-0.

    >>> response_variability(np.array([[4, 4, 4, 4], [1, 7, 1, 7]])).round(3).tolist()
    [0.0, 3.464]
    """
    m, filled = np.isfinite(answers).sum(axis=1), np.nan_to_num(answers)
    total, squares = filled.sum(axis=1, dtype=float), np.einsum("ij,ij->i", filled, filled, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt((m * squares - total**2) / (m * (m - 1)))


def even_odd_consistency(scores: Array, dimensions: Sequence[Array]) -> Array:
    """(n,) how well a respondent's odd items agree with the even ones over the dimensions.

    Each dimension is split into its 1st, 3rd, ... and its 2nd, 4th, ... item; the two means are correlated over the
    dimensions, within the person, and stepped up: ``2 r / (1 + r)``, not below -1. Near 1 is consistent, near 0 looks
    like chance. Halves without answer are left out; with fewer than three pairs, or where one half does not vary, it
    is nan. ``scores`` are answers with reverse items turned round.

    References
    ----------
    Johnson (2005), Journal of Research in Personality 39, 103-129, doi:10.1016/j.jrp.2004.09.009.

    >>> pairs = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    >>> even_odd_consistency(np.array([[1, 2, 4, 3, 6, 7], [1, 5, 5, 1, 3, 3]]), pairs).round(3).tolist()
    [0.948, -1.0]
    """
    odd = np.stack([_mean_answer(scores[:, items[0::2]]) for items in dimensions], axis=1)
    even = np.stack([_mean_answer(scores[:, items[1::2]]) for items in dimensions], axis=1)
    both = np.isfinite(odd + even)
    odd, even = _centred(odd, both), _centred(even, both)
    spread = (odd**2).sum(axis=1) * (even**2).sum(axis=1)
    usable = (both.sum(axis=1) >= _FEW_DIMENSIONS) & (spread > 1e-12)
    r = np.divide((odd * even).sum(axis=1), np.sqrt(spread), out=np.full(len(scores), np.nan), where=usable)
    r = np.clip(r, -1 / 3, 1)  # where the formula reaches -1
    return 2 * r / (1 + r)


def _mean_answer(answers: Array) -> Array:
    """(n,) mean of the answers there are, nan where there is none."""
    answered = np.isfinite(answers).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(answers).sum(axis=1, dtype=float) / answered


def _centred(values: Array, there: Array) -> Array:
    """(n, k) deviations from each row's mean over the values that are there, 0 elsewhere."""
    mean = np.where(there, values, 0).sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, values - mean, 0)


def mahalanobis_squared(answers: Array) -> tuple[Array, Array]:
    """(n,) squared distance from the centre, with regard to how items vary together, and (n,) its degrees of freedom.

    ``D^2 = (x - mean)' S^-1 (x - mean)``, referred to chi-square. Mean and S come from the complete rows in a first
    pass; a row with blanks is held against the items it answered, which are then its degrees of freedom. Where S is
    singular the pseudo-inverse is taken and the degrees of freedom are its rank. Nan where under half was answered, or
    where complete rows are fewer than items + 2. Turning items round or shifting them changes nothing.

    References
    ----------
    Mahalanobis (1936), Proceedings of the National Institute of Sciences of India 2, 49-55. Meade and Craig (2012),
    doi:10.1037/a0028085.

    >>> square = np.array([[1, 1], [1, 3], [3, 1], [3, 3], [5, np.nan]])
    >>> distance, df = mahalanobis_squared(square)
    >>> distance.round(2).tolist(), df.tolist()
    ([1.5, 1.5, 1.5, 1.5, 6.75], [2.0, 2.0, 2.0, 2.0, 1.0])
    """
    n, k = answers.shape
    answered = np.isfinite(answers)
    complete = answered.all(axis=1)
    distance, df = np.full(n, np.nan), np.full(n, np.nan)
    if complete.sum() < k + 2:
        return distance, df
    covariance = np.atleast_2d(np.cov(answers[complete], rowvar=False))
    centred = answers - answers[complete].mean(axis=0)
    for rows in _same_blanks(answered):
        items = np.flatnonzero(answered[rows[0]])
        if 2 * len(items) >= k:
            whiten = _whitening(covariance[np.ix_(items, items)])
            distance[rows] = ((centred[np.ix_(rows, items)] @ whiten) ** 2).sum(axis=1)
            df[rows] = whiten.shape[1]
    return distance, df


def _same_blanks(answered: Array) -> Iterator[Array]:
    """Rows that have the same items blank, one array each."""
    gaps = ~answered.all(axis=1)
    code = np.zeros(len(answered), np.int64)
    if gaps.any():
        bits = np.packbits(answered[gaps], axis=1)
        code[gaps] = 1 + np.unique(bits, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(code, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _whitening(covariance: Array) -> Array:
    """(k, rank) W with W W' the pseudo-inverse."""
    size, direction = np.linalg.eigh(covariance)
    kept = size > size[-1] * len(size) * np.finfo(float).eps
    return direction[:, kept] / np.sqrt(size[kept])


# --- the verdict of one index on one form ------------------------------------------------------------------


@dataclass(frozen=True)
class _Cuts:
    """Where each index begins to flag; None leaves it to the published rule, where there is one that fits."""

    longest: int | None
    straight: float | None
    variability: float | None
    even_odd: float | None
    mahalanobis: float
    too_fast: float | Relative

    def __post_init__(self) -> None:
        _check_cut("longest", self.longest, 2, np.inf)
        _check_cut("straight", self.straight, 0, 1)
        _check_cut("variability", self.variability, 0, np.inf)
        _check_cut("even_odd", self.even_odd, -1, 1)
        _check_cut("mahalanobis", self.mahalanobis, 0, 1)
        if isinstance(self.too_fast, str):
            check_choice("too_fast", self.too_fast, Relative)
        else:
            _check_cut("too_fast", self.too_fast, 0, np.inf)


def _check_cut(name: str, value: Any, low: float, high: float) -> None:
    if value is None and name not in ("mahalanobis", "too_fast"):
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not low <= value <= high:
        bounds = f"of at least {low:g}" if high == np.inf else f"from {low:g} to {high:g}"
        raise SpecError(
            f"{name}={value!r} must be a number {bounds}. To do without an index, leave it out of indices=."
        )


@dataclass(frozen=True, eq=False)
class _Verdict:
    """One index on one form of one file.

    Attributes
    ----------
    value : (n,) nan where a respondent cannot be judged
    flagged : (n,) or None where the index only shows
    top : (n,) True where the repeated answer is the highest of the scale; None for indices without such
    more : further (n,) columns for the flags
    """

    index: str
    form: str
    value: Array
    threshold: float = np.nan
    origin: str = ""
    flagged: Array | None = None
    top: Array | None = None
    reason: str = ""
    more: Mapping[str, Array] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name of the column of values."""
        return "seconds_per_item" if self.index == "too_fast" else f"{self.index}_{self.form}"

    def line(self) -> dict[str, Any]:
        judged = int(np.isfinite(self.value).sum())
        count = np.nan if self.flagged is None else float(self.flagged.sum())
        return {
            "index": self.index,
            "form": self.form,
            "rule": _code(self.index, self.threshold),
            "threshold": self.threshold,
            "origin": self.origin,
            "n": judged,
            "flagged": count,
            "share": count / judged if judged else np.nan,
            "at_top": np.nan if self.top is None or self.flagged is None else float((self.top & self.flagged).sum()),
            "reason": self.reason or ("" if judged else "nobody"),
        }


def _below(value: Array, cut: float) -> Array:
    """(n,) True where a value is known and under the cut."""
    with np.errstate(invalid="ignore"):
        return value < cut


@dataclass(frozen=True, eq=False)
class _Sheet:
    """One form of one file: answers as they were ticked, and what is needed to judge them."""

    responses: Responses
    form: str

    def verdicts(self, cuts: _Cuts, indices: Sequence[str]) -> Iterator[_Verdict]:
        asked = self._as_ticked()
        k = asked.shape[1]
        enough = 2 * np.isfinite(asked).sum(axis=1) >= max(k, 4)
        steps: dict[str, Callable[[], _Verdict]] = {
            "longest": lambda: self._longest(asked, enough, cuts.longest),
            "straight": lambda: self._straight(asked, enough, cuts.straight),
            "variability": lambda: self._variability(asked, enough, cuts.variability),
            "even_odd": lambda: self._even_odd(enough, cuts.even_odd),
            "mahalanobis": lambda: self._mahalanobis(asked, cuts.mahalanobis),
        }
        for index, step in steps.items():
            yield step() if index in indices else _silent(index, self.form, len(asked), "left out")

    def _as_ticked(self) -> Array:
        """(n, items) answers in the order of the questionnaire, reverse items turned back."""
        instrument = self.responses.instrument
        answers = self.responses.answers(self.form).to_numpy(float)
        turned = np.array([item.reverse for item in instrument.items])
        return np.where(turned, instrument.scale.low + instrument.scale.high - answers, answers)

    def _longest(self, asked: Array, enough: Array, cut: int | None) -> _Verdict:
        length, repeated = longest_string(asked)
        k = asked.shape[1]
        threshold = (np.nan if k < _FEW_ITEMS else (k + 1) // 2) if cut is None else cut
        return self._string("longest", length, repeated, enough, float(threshold), "half" if cut is None else "set")

    def _straight(self, asked: Array, enough: Array, cut: float | None) -> _Verdict:
        scale = self.responses.instrument.scale
        share, answer = share_of_one_answer(asked, scale.low, scale.high)
        threshold = (np.nan if asked.shape[1] < _FEW_ITEMS else 1.0) if cut is None else cut
        return self._string("straight", share, answer, enough, threshold, "all" if cut is None else "set")

    def _string(self, index: str, size: Array, answer: Array, enough: Array, threshold: float, origin: str) -> _Verdict:
        value, top = np.where(enough, size, np.nan), answer == self.responses.instrument.scale.high
        if np.isnan(threshold):
            return _Verdict(index, self.form, value, reason="few items")
        flagged = enough & (size >= threshold)
        return _Verdict(index, self.form, value, threshold, origin, flagged, top)

    def _variability(self, asked: Array, enough: Array, cut: float | None) -> _Verdict:
        value = np.where(enough, response_variability(asked), np.nan)
        if cut is None:
            return _Verdict("variability", self.form, value, reason="no cut")
        return _Verdict("variability", self.form, value, cut, "set", _below(value, cut))

    def _even_odd(self, enough: Array, cut: float | None) -> _Verdict:
        instrument = self.responses.instrument
        members = [
            np.flatnonzero([item.dimension == dimension.id for item in instrument.items])
            for dimension in instrument.dimensions
        ]
        pairs = [items for items in members if len(items) > 1]
        if len(pairs) < _FEW_DIMENSIONS:
            return _silent("even_odd", self.form, self.responses.n, "few dimensions")
        value = even_odd_consistency(self.responses.answers(self.form).to_numpy(float), pairs)
        value = np.where(enough, value, np.nan)
        if cut is None:
            reason = "no cut" if len(pairs) >= _MANY_DIMENSIONS else "coarse"
            return _Verdict("even_odd", self.form, value, reason=reason)
        return _Verdict("even_odd", self.form, value, cut, "set", _below(value, cut))

    def _mahalanobis(self, asked: Array, cut: float) -> _Verdict:
        from scipy.special import chdtrc

        value, df = mahalanobis_squared(asked)
        judged = np.isfinite(value)
        if not judged.any() or not (df[judged] > 0).any():
            reason = "flat" if judged.any() else "few rows"
            return _silent("mahalanobis", self.form, len(asked), reason)
        p = np.where(judged, chdtrc(df, value), np.nan)
        singular = (df < np.isfinite(asked).sum(axis=1))[judged].any()
        return _Verdict("mahalanobis", self.form, value, cut, "tail" if cut == TAIL else "set", _below(p, cut),
                        reason="singular" if singular else "", more={f"mahalanobis_p_{self.form}": p})  # fmt: skip


def _silent(index: str, form: str, n: int, reason: str) -> _Verdict:
    return _Verdict(index, form, np.full(n, np.nan), reason=reason)


def _timed(side: Responses, column: str | None, cut: float | Relative, wanted: bool) -> _Verdict:
    """Seconds of the whole questionnaire, shared out over the items of every form in the file."""
    form = side.forms[0] if len(side.forms) == 1 else ""
    if not wanted or column is None or column not in side.frame.columns:
        return _silent("too_fast", form, side.n, "no seconds" if wanted else "left out")
    seconds = pd.to_numeric(side.frame[column], errors="coerce").to_numpy(float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        value = np.where((seconds > 0) & np.isfinite(seconds), seconds, np.nan)
    value = value / (len(side.instrument.items) * len(side.forms))
    if not np.isfinite(value).any():
        return _silent("too_fast", form, side.n, "nobody")
    threshold = float(np.nanmedian(value)) / 3 if isinstance(cut, str) else float(cut)
    origin = "median" if isinstance(cut, str) else "reading" if cut == SECONDS else "set"
    return _Verdict("too_fast", form, value, threshold, origin, _below(value, threshold))


# --- the results -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class CarelessFlags(Result):
    """Signs of careless answers: one row per index and form, and the flags of every respondent.

    Frame columns: ``index, form, rule, threshold, origin, n, flagged, share, at_top, reason``. ``n`` counts those who
    can be judged by the index, ``share`` is of them; ``at_top`` counts the flagged whose repeated answer is the highest
    of the scale. The last row counts everybody with at least one flag.

    Attributes
    ----------
    flags : DataFrame
        One row per respondent: ``respondent``, ``forms``, a True/False column per index and ``careless`` for any of
        them, then the values (``longest_perception``, ``mahalanobis_p_perception``, ``seconds_per_item``, ...). Of two
        files the perceptions come first.
    responses : the answers that were looked at, nobody left out
    """

    flags: pd.DataFrame = None  # type: ignore[assignment]
    responses: Responses = None  # type: ignore[assignment]

    def title(self) -> str:
        return "作答认真程度" if self.language == "zh" else "Signs of careless answers"

    def columns(self) -> tuple[Column, ...]:
        rules = {row["rule"]: _rule(row["index"], row["threshold"]) for _, row in self.frame.iterrows()}
        return (
            Column("index", {"en": "index", "zh": "指标"}, "text", INDICES),
            Column("form", {"en": "form", "zh": "问卷"}, "text", _FORMS),
            Column("rule", {"en": "flagged if", "zh": "标记条件"}, "text", rules),
            Column("origin", {"en": "origin of the cut-off", "zh": "界限来源"}, "text", ORIGINS),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            Column("flagged", {"en": "flagged", "zh": "标记数"}, "count"),
            Column("share", {"en": "share", "zh": "占比"}, "share"),
            Column("at_top", {"en": "at the top", "zh": "其中最高分"}, "count"),
            *(
                [Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS)]
                if self.frame["reason"].any()
                else []
            ),
        )

    def note(self) -> str:
        return ("" if self.language == "zh" else " ").join([say(_NOTE, self.language), self._ceiling()]).rstrip()

    def sentence(self) -> str:
        """How many were flagged, by what, and how many of them only praised; in words."""
        whole, zh = self.frame.iloc[-1], self.language == "zh"
        raised = self.frame.iloc[:-1].query("flagged > 0")
        parts = [f"{self._named(row)} {row['flagged']:,.0f}" for _, row in raised.iterrows()]
        if zh:
            by = f"（{'；'.join(parts)}）" if parts else ""
            return (
                f"{whole['n']:,.0f} 位受访者中有 {whole['flagged']:,.0f} 位（{100 * whole['share']:.1f}%）被标记{by}；"
                f"数据中均予保留。{self._ceiling()}"
            )
        by = f" ({'; '.join(parts)})" if parts else ""
        return (
            f"{whole['flagged']:,.0f} of {whole['n']:,.0f} respondents ({100 * whole['share']:.1f}%) were flagged{by}; "
            f"all of them stay in the data. {self._ceiling()}"
        ).rstrip()

    def _ceiling(self) -> str:
        """How many flags for strings stand at the top of the scale, in words; empty where none does."""
        strings = self.frame[self.frame["index"].isin(["longest", "straight"])]
        top, flagged = int(strings["at_top"].sum()), int(strings["flagged"].sum())
        return say(_CEILING, self.language).format(top=top, flagged=flagged) if top else ""

    def _named(self, row: pd.Series) -> str:
        form = say(_FORMS[row["form"]], self.language)
        name = say(INDICES[row["index"]], self.language)
        return name if not form else f"{form}{name}" if self.language == "zh" else f"{name}, {form}"

    def in_language(self, language: Language) -> CarelessFlags:
        """The same flags, shown in English or Chinese."""
        return replace(self, language=language, responses=self.responses.in_language(language))

    def without(self) -> Responses:
        """The answers of those without any flag; the ledger counts the others as "flagged careless".

        Weights stay as they are, as if the flagged had not answered.
        """
        careless, sides, start = self.flags["careless"].to_numpy(bool), [], 0
        for side in self.responses.sides:
            sides.append(_left_after(side, careless[start : start + side.n]))
            start += side.n
        return sides[0] if len(sides) == 1 else sides[0]._with(expectation=sides[1])

    def sensitivity(self, score: Callable[..., Any], **options: Any) -> CarelessSensitivity:
        """What the flagged do to the scores: with everybody, without the flagged, and the difference.

        Parameters
        ----------
        score : score_gaps, score_performance, or any function of responses whose result has a ``frame`` with
            ``dimension`` and ``gap`` or ``perception``
        options : passed on to it (``by="tier"``)
        """
        scores, fewer = score(self.responses, **options), score(self.without(), **options)
        frame = _with_and_without(scores.frame, fewer.frame, list(scores.by))
        named = tuple(column for column in scores.columns() if column.name in (*scores.by, "dimension"))
        whole = self.frame.iloc[-1]
        return CarelessSensitivity(frame, self.language, named, int(whole["n"]), int(whole["flagged"]))


@dataclass(frozen=True, eq=False, repr=False)
class CarelessSensitivity(Result):
    """Scores with everybody and without the flagged.

    Frame columns: the split columns, ``dimension, n_all, n_without, score_all, score_without, difference, se, reason``;
    with two files also ``n_expectation_all, n_expectation_without``. ``se`` is that of the score with everybody, to see
    whether a difference matters; it is not the error of the difference.
    """

    keys: tuple[Column, ...] = ()
    n: int = 0
    flagged: int = 0

    def title(self) -> str:
        return (
            "剔除被标记者前后的得分" if self.language == "zh" else "Scores with and without those flagged as careless"
        )

    def columns(self) -> tuple[Column, ...]:
        sizes = {
            "n_all": {"en": "n, all", "zh": "样本量（全部）"},
            "n_without": {"en": "n, without", "zh": "样本量（剔除后）"},
            "n_expectation_all": {"en": "n of E, all", "zh": "期望样本量（全部）"},
            "n_expectation_without": {"en": "n of E, without", "zh": "期望样本量（剔除后）"},
        }
        return (
            *self.keys,
            *(Column(name, label, "count") for name, label in sizes.items() if name in self.frame.columns),
            Column("score_all", {"en": "all", "zh": "全部"}, "number"),
            Column("score_without", {"en": "without", "zh": "剔除后"}, "number"),
            Column("difference", {"en": "difference", "zh": "差异"}, "signed"),
            Column("se", {"en": "SE, all", "zh": "标准误（全部）"}, "number", decimals=3),
            *([Column("reason", {"en": "remark", "zh": "备注"}, "text", _GONE)] if self.frame["reason"].any() else []),
        )

    def note(self) -> str:
        if self.language == "zh":
            return (
                f"{self.n:,} 位受访者中 {self.flagged:,} 位被标记；剔除时视同未作答，权数不变。差异 = 剔除后 − 全部。"
            )
        return (
            f"{self.flagged:,} of {self.n:,} respondents flagged; left out as if they had not answered, weights unchanged. "
            "Difference = without − all."
        )

    def sentence(self) -> str:
        """The largest change of a dimension, in words."""
        zh = self.language == "zh"
        known = self.frame[
            np.isfinite(self.frame["difference"]) & ~self.frame["dimension"].isin(["mean", "sum", "weighted"])
        ]
        if known.empty:
            return "剔除后无法比较。" if zh else "Without the flagged nothing is left to compare."
        row = known.loc[known["difference"].abs().idxmax()]
        names = [column.show(row[column.name], self.language) for column in self.keys]
        before, after = (_SCORE.show(row[name], self.language) for name in ("score_all", "score_without"))
        if zh:
            return f"剔除 {self.flagged:,} 位被标记者后，变化最大的是{'、'.join(names)}：由 {before} 变为 {after}。"
        return f"Without the {self.flagged:,} flagged the largest change is in {', '.join(names)}: {before} becomes {after}."


@dataclass(frozen=True, eq=False, repr=False)
class FlaggedLedger(Ledger):
    """The exclusions ledger after some were left out as careless.

    Answers lose their kind of missing once they are read, so the answers part goes on counting what was asked of the
    flagged as well, and what they gave has a line of its own.
    """

    def columns(self) -> tuple[Column, ...]:
        words = {**STEPS, **_LEDGER_WORDS}
        return tuple(replace(column, words=words) if column.name == "step" else column for column in super().columns())

    def note(self) -> str:
        if self.language == "zh":
            return super().note() + "被标记者的缺失回答仍计入各类缺失。"
        return super().note() + " What the flagged left open is still counted by kind."


_LEDGER_WORDS: Mapping[str, Text] = {
    "asked": {"en": "answers asked, of the flagged too", "zh": "应有的回答数（含被标记者）"},
    "given, flagged": {"en": "given by those flagged careless", "zh": "被标记者的有效回答"},
}
_SCORE = Column("score", {}, "number")
_GONE: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "gone": {"en": "nobody left without the flagged", "zh": "剔除后无人"},
}
_NOTE: Text = {
    "en": "A flag is a question, not a verdict: nobody was left out. n: who answered half of the form or more; even-odd also "
    "needs three dimensions and halves that vary. Shares are unweighted. Strings follow the answers as ticked, form by form, in "
    "the order of the instrument; a blank ends a string. Someone who expects or finds the best of everything looks the same as "
    "a straight line. A distance is over the items answered; chi-square presumes normal answers, and with many at one end of "
    "the scale more careful people exceed it than p says.",
    "zh": "标记只是疑问，而非结论，未剔除任何人。样本量为至少回答该问卷一半题项者；奇偶一致性还需三个维度且两半均有差异。占比未加权。"
    "连续相同回答依原始作答、逐份问卷、按题项顺序计算，空白视为中断。期望或感知一切都极好的人，与直线作答者看起来相同。"
    "马氏距离仅用已答题项；卡方检验假定正态，回答集中于量表一端时，超限的认真作答者会多于 p 所示。",
}
_CEILING: Text = {
    "en": "Of the {flagged:,} flags for one repeated answer, {top:,} repeat the top of the scale: that may be praise or high hopes.",
    "zh": "{flagged:,} 个相同回答标记中，有 {top:,} 个全为最高分，可能只是高度评价或高期望。",
}


def _code(index: str, threshold: float) -> str:
    """The rule as data: ``"longest >= 11"``."""
    if np.isnan(threshold):
        return ""
    sign = ">=" if index in ("longest", "straight") else "<"
    return f"{index}{' p' if index == 'mahalanobis' else ''} {sign} {threshold:.6g}"


def _rule(index: str, threshold: float) -> Text:
    """The rule in words."""
    if np.isnan(threshold):
        return {"en": "–", "zh": "–"}
    if index == "straight" and threshold == 1:
        return {"en": "every answer the same", "zh": "所有回答相同"}
    number = (f"{100 * threshold:g}%" if index == "straight" else f"{threshold:.3g}").replace("-", "−")
    words: Mapping[str, tuple[str, str]] = {
        "longest": ("{} or more in a row", "连续 {} 个及以上"),
        "straight": ("{} or more the same", "{} 及以上相同"),
        "variability": ("SD under {}", "标准差低于 {}"),
        "even_odd": ("under {}", "低于 {}"),
        "mahalanobis": ("p under {}", "p 低于 {}"),
        "too_fast": ("under {} s", "低于 {} 秒"),
    }
    en, zh = words[index]
    return {"en": en.format(number), "zh": zh.format(number)}


def _left_after(side: Responses, careless: Array) -> Responses:
    if careless.all():
        raise DataError(
            f"{side.source.name}: every respondent is flagged, so nobody would be left. Look at the flags; at the ceiling of "
            "a scale straight lines are no sign of carelessness. Raise the cut-offs, or choose forms= and indices=."
        )
    asked = [name for form in side.forms for name in side.instrument.columns(form).values()]
    given = int(side.frame.loc[careless, asked].notna().to_numpy().sum())
    frame = side.frame[~careless].reset_index(drop=True)
    return side._with(frame=frame, ledger=_booked(side.ledger, int(careless.sum()), given))


def _booked(ledger: Ledger, rows: int, answers: int) -> FlaggedLedger:
    """The ledger with so many rows, and the answers in them, moved from kept to flagged."""
    n = dict(zip(ledger.frame["step"], ledger.frame["n"], strict=True))
    n["flagged careless"] = n.get("flagged careless", 0) + rows
    n["given, flagged"] = n.get("given, flagged", 0) + answers
    n["kept"], n["given"] = n["kept"] - rows, n["given"] - answers
    steps = [step for step in ledger.frame["step"] if step not in ("flagged careless", "given, flagged")]
    steps.insert(steps.index("kept"), "flagged careless")
    steps.insert(steps.index("given") + 1, "given, flagged")
    part = np.where(np.arange(len(steps)) < steps.index("asked"), "rows", "answers")
    frame = pd.DataFrame({"part": part, "step": steps, "n": [n[step] for step in steps]})
    return FlaggedLedger(frame, ledger.language, ledger.source_name, ledger.lines, ledger.margins)


def _with_and_without(full: pd.DataFrame, fewer: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Two tables of scores beside each other, the rows of the first."""
    score = next((name for name in ("gap", "perception") if name in full.columns), None)
    if score is None or "dimension" not in full.columns:
        raise SpecError(
            "score must give a result whose frame has 'dimension' and 'gap' or 'perception'; use score_gaps."
        )
    keys = [*by, "dimension"]
    sizes = [name for name in ("n", "n_expectation") if name in full.columns]
    numbers = {score: "score", "n": "n", "n_expectation": "n_expectation"}
    both = full[[*keys, *sizes, score, "se"]].merge(
        fewer[[*keys, *sizes, score]].rename(columns={old: f"{new}_without" for old, new in numbers.items()}),
        on=keys, how="left", validate="one_to_one",
    ).rename(columns={old: f"{new}_all" for old, new in numbers.items()})  # fmt: skip
    both["difference"] = both["score_without"] - both["score_all"]
    gone = both["score_without"].isna() & both["score_all"].notna()
    both["reason"] = np.where(gone, "gone", "")
    shown = [f"{name}_{which}" for name in sizes for which in ("all", "without")]
    both[shown] = both[shown].fillna(0).astype(int)
    return both[[*keys, *shown, "score_all", "score_without", "difference", "se", "reason"]]


# --- the verb ----------------------------------------------------------------------------------------------


def flag_careless(
    responses: Responses,
    *,
    longest: int | None = None,
    straight: float | None = None,
    variability: float | None = None,
    even_odd: float | None = None,
    mahalanobis: float = TAIL,
    seconds_column: str | None = None,
    too_fast: float | Relative = SECONDS,
    forms: Sequence[str] | None = None,
    indices: Sequence[Index] | None = None,
) -> CarelessFlags:
    """Flag respondents who may not have read the questions; nobody is left out.

    Parameters
    ----------
    responses : Responses
    longest : identical answers in a row from which to flag; by default half of the form's items (Curran 2016), in forms
        of ten items or more
    straight : share of identical answers from which to flag; by default 1, every answer the same, in forms of ten items
        or more
    variability : standard deviation of a person's answers (IRV) under which to flag; by default only shown, since Dunn
        et al. (2018) compare respondents and give no general cut-off
    even_odd : consistency under which to flag; by default only shown. The customary .30 (after Jackson; Johnson 2005) is
        meant for inventories of dozens of scales: over five dimensions it flags one careful person in six or more
    mahalanobis : p under which a distance is flagged; by default .001, the custom for multivariate outliers (Tabachnick
        and Fidell 2014, Using Multivariate Statistics)
    seconds_column : column with the seconds the whole questionnaire took
    too_fast : seconds per item under which to flag, 2 by default (Huang et al. 2012); or ``"median/3"``, a third of
        the file's median, where a sample is to be its own measure. All items of the file's forms are counted, no
        others, so that the benefit of the doubt is the respondent's.
    forms : the forms to look at, all by default. Where expectations sit at the ceiling, ``forms=["perception"]``.
    indices : the indices to use, all by default; the others keep a row that says so

    Returns
    -------
    CarelessFlags
        ``flags`` has a row per respondent; ``sensitivity()`` shows the scores with and without the flagged, and
        ``without()`` gives the remaining responses with a line in the ledger.

    Notes
    -----
    How to read it: a string or straight line says that one answer was repeated, a large distance that a combination of
    answers is rare. The first finds people who do not choose, the second people who choose at random; half-hearted
    reading leaves no trace in either.

    How good it is: among 900 simulated exit interviews with 5% random and 5% straight-lining respondents planted, all
    straight and 99.8% of the random ones are flagged, and 1.3% of the careful ones (30 studies; the .30 of even-odd
    consistency would flag 20% of the careful and miss 40% of the random). Distances hide each other, for mean and
    covariance are then theirs too: with 20% at random 8 in 10 are found, with 40% 2 in 10. Real answers have heavier
    tails and ceilings: of 194 kiosk users every fourth has a long string among the expectations, nearly always of sevens.

    Long strings and straight lines are looked for in the answers as they were ticked, so reverse items are turned back:
    who ticks the same box throughout agrees and disagrees in turn. Even-odd consistency takes them turned round.

    References
    ----------
    Meade and Craig (2012), Psychological Methods 17, 437-455, doi:10.1037/a0028085. Curran (2016), Journal of
    Experimental Social Psychology 66, 4-19, doi:10.1016/j.jesp.2015.07.006. Huang, Curran, Keeney, Poposki and DeShon
    (2012), Journal of Business and Psychology 27, 99-114, doi:10.1007/s10869-011-9231-8. Dunn, Heggestad, Shanock and
    Theilgard (2018), Journal of Business and Psychology 33, 105-121, doi:10.1007/s10869-016-9479-0. Checked against the
    R package careless 1.2.2 and loops written from these papers (tests/test_careless.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> columns = instrument.columns("perception").values()
    >>> data = pd.DataFrame({name: [4, k % 7 + 1, (5 * k) % 7 + 1] for k, name in enumerate(columns)})
    >>> flagged = flag_careless(Responses(data.assign(seconds=[60, 180, 30]), instrument), seconds_column="seconds")
    >>> flagged.flags[["longest", "straight", "too_fast", "careless"]].to_numpy().tolist()
    [[True, True, False, True], [False, False, False, False], [False, False, True, True]]
    >>> flagged.to_frame().set_index("index")["reason"]["mahalanobis"]
    'few rows'
    >>> flagged.without().ledger.count("flagged careless")
    2
    """
    cuts = _Cuts(longest, straight, variability, even_odd, mahalanobis, too_fast)
    sides = responses.sides
    used = _words("indices", indices, get_args(Index))
    looked_at = _words("forms", forms, tuple(dict.fromkeys(form for side in sides for form in side.forms)))
    if seconds_column is not None and not any(seconds_column in side.frame.columns for side in sides):
        check_columns([seconds_column], sides[0].frame.columns, sides[0].source.name)
    flags, lines = [], []
    for side in sides:
        verdicts = [v for form in side.forms if form in looked_at for v in _Sheet(side, form).verdicts(cuts, used)]
        verdicts.append(_timed(side, seconds_column, too_fast, "too_fast" in used))
        flags.append(_flags(side, verdicts))
        lines += [verdict.line() for verdict in verdicts]
    table = pd.concat(flags, ignore_index=True)
    table = table[[*_FLAG_COLUMNS, *(name for name in table.columns if name not in _FLAG_COLUMNS)]]
    count = float(table["careless"].sum())
    blank = {"form": "", "rule": "", "threshold": np.nan, "origin": "", "at_top": np.nan, "reason": ""}
    lines.append({**blank, "index": "any", "n": len(table), "flagged": count, "share": count / len(table)})
    return CarelessFlags(pd.DataFrame(lines), responses.language, table, responses)


_FLAG_COLUMNS = ("respondent", "forms", *get_args(Index), "careless")


def _flags(side: Responses, verdicts: Sequence[_Verdict]) -> pd.DataFrame:
    """One row per respondent of a file: who, flags, values."""
    columns: dict[str, Any] = {
        "respondent": side.frame[side.respondent] if side.respondent else side.frame.index,
        "forms": ", ".join(side.forms),
    }
    for index in get_args(Index):
        raised = [verdict.flagged for verdict in verdicts if verdict.index == index and verdict.flagged is not None]
        columns[index] = np.any(raised, axis=0) if raised else np.zeros(side.n, bool)
    columns["careless"] = np.any([columns[index] for index in get_args(Index)], axis=0)
    for verdict in verdicts:
        if verdict.reason != "left out":
            columns |= {verdict.key: verdict.value, **verdict.more}
    return pd.DataFrame(columns, index=side.frame.index)


def _words(name: str, chosen: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The words chosen, all where none are named; unknown ones are refused."""
    if chosen is None:
        return tuple(known)
    listed = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    for word in listed:
        check_choice(name, word, Literal[tuple(known)])
    return listed
