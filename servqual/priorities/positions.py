"""Where does each item stand? Importance and performance with the covariance of all their errors, from answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.drivers import Drivers
from servqual.drivers.question import OUTCOME, Labels, Question, column, fault_of, numbers, refusal, where
from servqual.drivers.shares import SharesOfR2, Standardised
from servqual.explained import Correlation
from servqual.inference import (
    Again,
    Interval,
    Spread,
    Statistic,
    Sums,
    Taylor,
    Term,
    check_drawn,
    choose_interval,
    estimate,
    inside_one_cluster,
    within_one_cluster,
)
from servqual.measures import NOT_STATED, plan_measures
from servqual.moments import Cells, Moments, ScoreMap, answer_matrix, margin_rows, row_weights
from servqual.remarks import kept_remark
from servqual.replicates import Kept
from servqual.responses import Responses
from servqual.tabulation import check_split, narrow_remarks_of, narrow_words, split_columns, suited_interval
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Text
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Of = Literal["items", "dimensions"]
Performance = Literal["perception", "gap"]
Method = Literal["correlation", "spearman", "regression", "shapley", "johnson"]
Importance = str | Mapping[str, str | float] | Drivers

DERIVED: Mapping[str, Text] = {
    "correlation": {"en": "importance (r with the outcome)", "zh": "重要性（与结果的相关 r）"},
    "spearman": {"en": "importance (Spearman's r with the outcome)", "zh": "重要性（与结果的 Spearman 相关）"},
    "regression": {"en": "importance (standardised coefficient)", "zh": "重要性（标准化系数）"},
    "shapley": {"en": "importance (Shapley share of R²)", "zh": "重要性（Shapley R² 份额）"},
    "johnson": {"en": "importance (Johnson's weight)", "zh": "重要性（Johnson 权重）"},
}
STATED: Text = {"en": "importance (stated)", "zh": "重要性（自述）"}
OF_ALL: Text = {
    "en": "expectations come from another file that lacks the split column: those of all are used in every group",
    "zh": "期望来自另一文件且无分组列：各组均采用全体的期望",
}
LOOSE: Text = {
    "en": "under calibrated weights the errors of derived importance and of performance count as independent of each other in the chances",
    "zh": "校准权数下，计算概率时推导重要性与绩效的误差视为彼此独立",
}
RANKS_FIXED: Text = {
    "en": "the error of Spearman's r takes everybody's ranks as given",
    "zh": "Spearman 相关的误差把每人的秩视为已知",
}


@dataclass(frozen=True, eq=False)
class Standing:
    """The items of one group: estimates and their errors.

    Attributes
    ----------
    label : values of the split columns
    value : (k, 2) importance and performance, nan where nobody answered
    covariance : (2k, 2k), importances first
    df : (2k,) degrees of freedom; inf where a number was given
    n : (k,) answers behind the performance
    reason : why there is nothing for the whole group, else ""
    lone : True where all are from one cluster, so that respondents are the units
    """

    label: tuple[Any, ...]
    value: Array
    covariance: Array
    df: Array
    n: Array
    reason: str = ""
    lone: bool = False

    @property
    def se(self) -> Array:
        """(k, 2) standard errors."""
        return np.sqrt(np.clip(np.diagonal(self.covariance), 0, None)).reshape(2, -1).T

    @property
    def degrees(self) -> Array:
        """(k, 2) degrees of freedom."""
        return self.df.reshape(2, -1).T


@dataclass(frozen=True, eq=False)
class Positions:
    """All items of all groups, and what was read.

    Attributes
    ----------
    items, labels : ids and what they are called
    groups : one :class:`Standing` per group
    stated : whether importance was stated, not derived
    one_scale : whether it is known to be rated on the scale of the performance
    scale : lowest and highest rating, where it is known
    heading : what importance is
    affected : (k,) share of respondents whom each item failed, per group
    paired : whether these are who got less than they expected themselves, else who rated at the middle of the scale or below
    """

    items: tuple[str, ...]
    labels: Mapping[str, Text]
    groups: tuple[Standing, ...]
    by: tuple[str, ...]
    by_columns: tuple[Column, ...]
    interval: Interval
    design: SampleDesign
    performance: Performance
    stated: bool
    one_scale: bool
    scale: tuple[float, float] | None
    heading: Text
    remarks: tuple[Text, ...]
    language: Language
    affected: Mapping[tuple[Any, ...], Array]
    paired: bool


@dataclass(frozen=True, eq=False)
class _Scores:
    """One file's scores: a frame with the design's columns and one column per score, "E: item", "P: item" or "I:
    item"."""

    frame: pd.DataFrame
    design: SampleDesign


def read_positions(
    data: Responses | pd.DataFrame,
    *,
    importance: Importance,
    performance: Performance | Sequence[str] | Mapping[str, str],
    of: Of,
    outcome: str | None,
    method: Method,
    scale: tuple[float, float] | None,
    by: str | Sequence[str] | None,
    design: SampleDesign | None,
    labels: Labels | None,
    interval: Interval | None,
    taken: Sequence[str],
) -> Positions:
    """Importance and performance of every item, read from responses or from a plain frame."""
    check_choice("of", of, Of)
    check_choice("method", method, Method)
    split = split_columns(by)
    check_split(split, taken)
    files, items, words, kind = _files(data, importance, performance, of, design, labels, split)
    if len(items) < 2:
        raise SpecError(
            "a map of importance and performance needs two items at least; there is one. Compare items, not an item with itself."
        )
    known = data if isinstance(data, Responses) else None
    titles = tuple(known.column_of(name) if known else Column(name, {"en": name}) for name in split)
    how = suited_interval(data, interval) if isinstance(data, Responses) else choose_interval(files[0].design, interval)
    if isinstance(importance, str) and importance == "derived":
        groups, remarks = _derived(data, files, items, kind, outcome, method, split, design, labels, how)
        heading, stated = DERIVED[method], False
    else:
        groups, remarks = _stated(files, items, importance, kind, split, titles, how)
        heading, stated = STATED, not isinstance(importance, Drivers)
    if isinstance(importance, Drivers):
        heading = DERIVED[importance.method_used]
    limits = scale or ((known.instrument.scale.low, known.instrument.scale.high) if known else None)
    own_scale = stated and isinstance(importance, Mapping)
    return Positions(
        items, words, tuple(groups), split, titles, how, files[0].design, kind, stated, stated and not (own_scale and scale is None), limits, heading,
        (*remarks, *((kept_remark(*known.sides),) if known else ())), known.language if known else "en",
        _affected(files[0], items, kind, limits, split), kind == "gap" and f"E: {items[0]}" in files[0].frame,
    )  # fmt: skip


# --- scores of respondents ---------------------------------------------------------------------------------


def _files(
    data: Responses | pd.DataFrame,
    importance: Importance,
    performance: Any,
    of: Of,
    design: SampleDesign | None,
    labels: Labels | None,
    split: Sequence[str],
) -> tuple[list[_Scores], tuple[str, ...], dict[str, Text], Performance]:
    """The files' scores, the items, their labels, and what performance is."""
    if isinstance(data, Responses):
        if design is not None:
            raise SpecError("responses bring their own sample design. Leave design= out, or give a data frame.")
        check_choice("performance", performance, Performance)
        files, items = _of_responses(data, importance, cast(Performance, performance), of, split)
        return files, items, data.instrument.words(), cast(Performance, performance)
    named = _named_columns(performance)
    known = {name: _text(text) for name, text in (labels or {}).items()}
    words = {name: known.get(name, {"en": name, "zh": name}) for name in named}
    frame, drawn = data, design or SampleDesign()
    check_drawn(frame, drawn)
    columns = {f"P: {name}": found for name, found in named.items()}
    columns |= {f"I: {name}": found for name, found in _column_importance(importance, list(named)).items()}
    check_columns([*split, *columns.values()], frame.columns, where(data))
    scores = pd.DataFrame(
        _all_numbers(frame, list(columns.values()), where(data)), columns=list(columns), index=frame.index
    )
    return [_Scores(_held(frame, drawn, split).join(scores), drawn)], tuple(named), words, "perception"


def _all_numbers(frame: pd.DataFrame, columns: list[str], place: str) -> Array:
    """(n, columns) columns as numbers, nan where missing; what is no number is refused with its rows."""
    taken = frame[columns]
    if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in taken.dtypes):
        values = taken.to_numpy(float)
        if not np.isinf(values).any():
            return np.asarray(values)
    return np.column_stack([numbers(frame[name], place) for name in columns])


def _named_columns(performance: Any) -> dict[str, str]:
    """Item -> column of a frame's performance."""
    if isinstance(performance, str):
        raise SpecError(
            f"performance={performance!r} needs responses, which know their items. For a frame name the columns: a list, or item -> column."
        )
    named = dict(performance) if isinstance(performance, Mapping) else {name: name for name in performance}
    if not isinstance(performance, Mapping) and len(named) < len(list(performance)):
        raise SpecError("performance names a column more than once.")
    return {str(name): str(found) for name, found in named.items()}


def _column_importance(importance: Importance, items: Sequence[str]) -> dict[str, str]:
    """Item -> column where importance was given as columns; empty otherwise."""
    if isinstance(importance, str):
        if importance == "stated":
            raise SpecError(
                "importance='stated' needs responses, which know their expectations. For a frame give item -> column."
            )
        if importance != "derived":
            raise SpecError(
                f"importance={importance!r} is not known. Write 'stated', 'derived', item -> column, item -> number, or drivers."
            )
        return {}
    given = _given(importance)
    lacking, foreign = [name for name in items if name not in given], [name for name in given if name not in items]
    if lacking or foreign:
        told = [f"lacks {', '.join(lacking)}"] * bool(lacking) + [
            f"names {', '.join(foreign)}, which the data do not hold"
        ] * bool(foreign)
        raise SpecError(f"importance must be given for each of {', '.join(items)}; it {' and '.join(told)}.")
    kinds = {isinstance(value, str) for value in given.values()}
    if len(kinds) > 1:
        raise SpecError("importance mixes columns and numbers. Give a column for each item, or a number for each.")
    return {name: str(given[name]) for name in items} if kinds == {True} else {}


def _given(importance: Mapping[str, Any] | Drivers) -> Mapping[str, Any]:
    if not isinstance(importance, Drivers):
        return importance
    if importance.by:
        raise SpecError(
            "these drivers are split by groups. Give drivers of all respondents, or importance='derived' with by=."
        )
    return dict(zip(importance.frame["driver"], importance.frame["importance"], strict=True))


def _of_responses(
    responses: Responses, importance: Importance, performance: Performance, of: Of, split: Sequence[str]
) -> tuple[list[_Scores], tuple[str, ...]]:
    if "perception" not in responses.forms:
        raise SpecError(f"{responses.source.name} holds no perception answers.")
    expected = performance == "gap" or importance == "stated"
    if expected and responses.pairing not in ("paired", "independent"):
        what = "performance='gap'" if performance == "gap" else "importance='stated'"
        raise SpecError(
            f"{what} needs expectations, and {responses.source.name} has none. Join them, or choose another {what.split('=')[0]}."
        )
    used = list(responses.matches) if expected else [item.id for item in responses.instrument.items]
    plan = [m for m in plan_measures(responses.instrument, used, "dimensions", None) if m.what == of.removesuffix("s")]
    items = tuple(m.id for m in plan)
    columns = {} if importance == "stated" else _column_importance(importance, items)
    own = {f"P: {m.id}": m.of(responses.answers("perception")[used].to_numpy(float)) for m in plan}
    files: list[_Scores] = []
    for number, side in enumerate(responses.sides):
        scores = own if number == 0 else {}
        if expected and (number == 1 or responses.pairing == "paired"):
            partners = [responses.matches[name] for name in used] if number else used
            answers = side.answers("expectation")[partners].to_numpy(float)
            scores = {**scores, **{f"E: {m.id}": m.of(answers) for m in plan}}
        found = {
            name: c
            for name, c in columns.items()
            if c in side.frame and not any(f"I: {name}" in f.frame for f in files)
        }
        scores = {**scores, **{f"I: {name}": numbers(side.frame[c], side.source.name) for name, c in found.items()}}
        if scores:
            check_drawn(side.frame, side.design)
            here = [name for name in split if name in side.frame]
            if number == 0:
                check_columns(split, side.frame.columns, side.source.name)
            files.append(
                _Scores(
                    _held(side.frame, side.design, here).join(pd.DataFrame(scores, index=side.frame.index)), side.design
                )
            )
    check_columns(columns.values(), [c for side in responses.sides for c in side.frame.columns], responses.source.name)
    return files, items


def _held(frame: pd.DataFrame, design: SampleDesign, split: Sequence[str]) -> pd.DataFrame:
    """The columns of the design and of the split."""
    held = frame[list(dict.fromkeys([*design.column_names(), *split]))].copy()
    for name in split:
        held[name] = held[name].astype(object).where(held[name].notna(), NOT_STATED)
    return held


def _text(words: Text | str) -> Text:
    return {"en": words, "zh": words} if isinstance(words, str) else words


# --- means and their errors --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Part:
    """Means of m columns in one group: value, covariance, degrees of freedom, answers."""

    value: Array
    spread: Spread
    n: Array
    lone: bool = False

    def linear(self, weights: Array) -> Part:
        """Linear combinations of the means, from (r, m) weights; each has the fewest degrees of freedom and answers
        behind it."""
        used = weights != 0
        df = np.array([self.spread.df[row].min(initial=np.inf) for row in used])
        n = np.array([self.n[row].min(initial=10**12) for row in used])
        covariance = weights @ np.nan_to_num(self.spread.covariance) @ weights.T
        value = np.where((used & ~np.isfinite(self.value)).any(axis=1), np.nan, weights @ np.nan_to_num(self.value))
        return Part(value, Spread(covariance, df), n, self.lone)

    @classmethod
    def beside(cls, first: Part, second: Part) -> Part:
        """Means of two files, drawn independently."""
        a, b = len(first.value), len(second.value)
        covariance = np.zeros((a + b, a + b))
        covariance[:a, :a], covariance[a:, a:] = first.spread.covariance, second.spread.covariance
        df = np.concatenate([first.spread.df, second.spread.df])
        value, n = (np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("value", "n"))
        return cls(value, Spread(covariance, df), n, first.lone)


def means_of(moments: Moments, domain: tuple[Any, ...], interval: Interval, rows: Again | None = None) -> Part:
    """Weighted means of all columns in one group and the covariance of their errors, from moments alone.

    >>> frame = pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 2, 5]})
    >>> part = means_of(Moments.from_frame(frame, ["a", "b"]), (), choose_interval(SampleDesign(), None))
    >>> part.value.tolist(), part.spread.covariance.round(3).tolist()
    ([2.0, 3.0], [[0.333, 0.5], [0.5, 1.0]])
    """
    inside, masks = moments.in_domain(domain), len(moments.map.mask_names)
    sums, mask = moments.sums(inside), 1 + moments.map.mask_of_score
    m = len(moments.map.scores)
    score = 1 + masks + np.arange(m)
    n = moments.sums(inside, 0)[mask]
    base = np.where(n > 0, sums[mask], 1.0)
    coefficients = np.zeros((m, len(sums)))
    coefficients[np.arange(m), score] = 1 / base / moments.map.denominators
    coefficients[np.arange(m), mask] = -sums[score] / base**2 / moments.map.denominators
    term = Term(domain, coefficients, mask[:, None])
    lone = within_one_cluster(moments, [domain])
    if lone:
        spread = inside_one_cluster(moments, [term])
    else:
        again = None if rows is None else replace(rows, values=lambda found: _means(moments.map, found(domain)))
        spread = interval.spread(moments, [term], again)
    return Part(moments.means(domain), spread, n.astype(int), lone)


def _means(score_map: ScoreMap, sums: Array) -> Array:
    """(r, m) means from the first rows of Gram matrices."""
    first, masks = sums[..., 0, :], len(score_map.mask_names)
    return np.asarray(
        first[..., 1 + masks :] / first[..., 1 + score_map.mask_of_score] / score_map.denominators
        + score_map.score_origin
    )


def _all_means(
    file: _Scores, columns: Sequence[str], split: Sequence[str], interval: Interval, titles: Sequence[Column] = ()
) -> tuple[dict[tuple[Any, ...], Part], tuple[Text, ...]]:
    """Means of columns in every group, each over those who answered it, and that few clusters carry some groups."""
    answers = answer_matrix(file.frame, columns)
    given = np.isfinite(answers)
    middle = np.rint(
        np.divide(np.nansum(answers, axis=0), given.sum(axis=0), out=np.zeros(len(columns)), where=given.any(axis=0))
    )
    cells, weight = Cells.of(file.frame, file.design, split), row_weights(file.frame, file.design)
    moments = Moments.from_cells(
        file.frame, ScoreMap.plain(columns, middle), cells, weight, margin_rows(file.frame, file.design)
    )
    rows = Again(moments, answers, cells.code, weight, False, lambda _: np.empty(0))
    how = choose_interval(file.design, Taylor() if isinstance(interval, Taylor) else interval)
    found = {domain: means_of(moments, domain, how, rows) for domain in (moments.domains if split else [()])}
    return found, narrow_remarks_of(moments, {domain: part.spread.df for domain, part in found.items()}, how, titles)


def _stated(
    files: Sequence[_Scores],
    items: Sequence[str],
    importance: Importance,
    kind: Performance,
    split: Sequence[str],
    titles: Sequence[Column],
    interval: Interval,
) -> tuple[list[Standing], list[Text]]:
    """Importance as customers, or a list of numbers, state it."""
    parts, columns, remarks = _means_of_files(files, items, split, titles, interval)
    served = _picking("P", items, columns) - (_picking("E", items, columns) if kind == "gap" else 0)
    letter = "E" if importance == "stated" else "I"
    if importance != "stated" and f"I: {items[0]}" not in columns:
        own = {label: part.linear(served) for label, part in parts.items()}
        found = [_beside_numbers(label, part, cast(Any, importance), items) for label, part in own.items()]
        return found, [_base([(part.n,) for part in own.values()], bool(split)), *remarks, _number_remark(importance)]
    k, weights = len(items), np.concatenate([_picking(letter, items, columns), served])
    both = {label: part.linear(weights) for label, part in parts.items()}
    found = [Standing(label, part.value.reshape(2, k).T, part.spread.covariance, part.spread.df, part.n[k:], lone=part.lone)
             for label, part in both.items()]  # fmt: skip
    return found, [_base([(part.n[:k], part.n[k:]) for part in both.values()], bool(split)), *remarks]


def _means_of_files(
    files: Sequence[_Scores], items: Sequence[str], split: Sequence[str], titles: Sequence[Column], interval: Interval
) -> tuple[dict[tuple[Any, ...], Part], list[str], list[Text]]:
    """The means of all scores of each group, the files' beside each other; the scores' names; what must be said."""
    parts: dict[tuple[Any, ...], Part] = {}
    columns: list[str] = []
    remarks: list[Text] = []
    for number, file in enumerate(files):
        own = [name for letter in "PEI" for item in items if (name := f"{letter}: {item}") in file.frame]
        here = [name for name in split if name in file.frame]
        whole = here != list(split)
        found, narrow = _all_means(file, own, () if whole else here, interval, titles)
        if number == 0:
            parts, remarks = found, list(narrow)
        else:
            nobody = _nobody(len(own))
            parts = {
                label: Part.beside(part, found.get(() if whole else label, nobody)) for label, part in parts.items()
            }
            remarks += [OF_ALL] if whole else []
        columns += own
    return parts, columns, remarks


def _picking(letter: str, items: Sequence[str], columns: Sequence[str]) -> Array:
    """(items, columns) weights that take one score of each item."""
    out = np.zeros((len(items), len(columns)))
    out[np.arange(len(items)), [columns.index(f"{letter}: {item}") for item in items]] = 1
    return out


def _base(counts: Sequence[tuple[Array, ...]], split: bool) -> Text:
    """How many answered, in words; importances and performances told apart where they differ."""
    spans = list(dict.fromkeys(_span(np.array(half)) for half in zip(*counts, strict=True)))
    unit: Text = {"en": "item and group" if split else "item", "zh": "每组每题" if split else "每题"}
    if len(spans) == 2:
        return {"en": f"n = {spans[0]} answers per {unit['en']} on importance, {spans[1]} on performance, those who did not answer left out",
                "zh": f"{unit['zh']}：重要性 n = {spans[0]} 份，绩效 n = {spans[1]} 份回答，未答者不计"}  # fmt: skip
    return {
        "en": f"n = {spans[0]} answers per {unit['en']}, those who did not answer left out",
        "zh": f"{unit['zh']} n = {spans[0]} 份回答，未答者不计",
    }


def _span(numbers: Array) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _nobody(m: int) -> Part:
    return Part(np.full(m, np.nan), Spread(np.zeros((m, m)), np.zeros(m)), np.zeros(m, dtype=int))


def _beside_numbers(
    label: tuple[Any, ...], served: Part, importance: Mapping[str, float] | Drivers, items: Sequence[str]
) -> Standing:
    """Importance given as numbers, or by drivers with their errors, beside measured performance."""
    k, given = len(items), _given(importance)
    value = np.array([float(given[item]) for item in items])
    if not np.isfinite(value).all():
        bad = ", ".join(item for item, number in zip(items, value, strict=True) if not np.isfinite(number))
        raise SpecError(f"importance of {bad} is not a number. Give one for each item.")
    se, df = np.zeros(k), np.full(k, np.inf)
    if isinstance(importance, Drivers):
        rows = importance.frame.set_index("driver").loc[list(items)]
        se, df = np.nan_to_num(rows["se"].to_numpy(float)), rows["df"].to_numpy(float)
    covariance = np.zeros((2 * k, 2 * k))
    covariance[:k, :k], covariance[k:, k:] = np.diag(se**2), served.spread.covariance
    return Standing(
        label, np.column_stack([value, served.value]), covariance, np.concatenate([df, served.spread.df]), served.n
    )


def _number_remark(importance: Importance) -> Text:
    if isinstance(importance, Drivers):
        return {"en": "importance was taken from drivers(): its errors count, as if independent of each other and of performance",
                "zh": "重要性取自 drivers()：计入其误差，但视为彼此独立且与绩效独立"}  # fmt: skip
    return {"en": "importance was given as numbers, without error", "zh": "重要性以数值给定，无误差"}


# --- derived importance ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _WithMeans:
    """What a statistic says of k drivers, and beside it the means of k columns: one statistic, so that errors come
    together."""

    own: Statistic
    means: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*(name for name in self.means if name not in self.own.columns), *self.own.columns]))

    @property
    def names(self) -> tuple[str, ...]:
        return (*(f"importance {name}" for name in self.means), *self.means)

    def __call__(self, sums: Sums) -> Array:
        kept = [2 + sums.map.scores.index(name) for name in self.own.columns]
        own = Sums(_part_of(sums.map, self.own.columns), sums.gram[..., [0, 1, *kept], :][..., [0, 1, *kept]], sums.n)
        means = np.stack([sums.mean(name) for name in self.means], axis=-1)
        return np.concatenate([self.own(own)[..., : len(self.means)], means], axis=-1)


def _part_of(score_map: ScoreMap, columns: Sequence[str]) -> ScoreMap:
    plain = ScoreMap.plain(columns)
    return replace(
        plain,
        masks=("all",) * len(columns),
        origin=score_map.origin[[score_map.scores.index(name) for name in columns]],
    )


def _derived(
    data: Responses | pd.DataFrame,
    files: Sequence[_Scores],
    items: Sequence[str],
    kind: Performance,
    outcome: str | None,
    method: Method,
    split: Sequence[str],
    design: SampleDesign | None,
    labels: Labels | None,
    interval: Interval,
) -> tuple[list[Standing], list[Text]]:
    """Importance as what goes together with an outcome, from the respondents who answered everything."""
    if outcome is None:
        raise SpecError("importance='derived' needs the outcome it is derived from: outcome='overall_quality', say.")
    source: Responses | pd.DataFrame = data
    wanted: Any = _what(data, items) if isinstance(data, Responses) else list(items)
    if not isinstance(data, Responses):
        check_columns([outcome], data.columns, where(data))
        source = (
            files[0].frame.rename(columns={f"P: {item}": item for item in items}).assign(**{outcome: data[outcome]})
        )
    asked = Question.of(
        source, outcome, wanted, form="perception", by=split or None, design=design, labels=labels, taken=()
    )
    frame, columns = asked.frame, [column(item) for item in items]
    own_file = kind == "gap" and f"E: {items[0]}" in files[0].frame
    served = columns
    if own_file:
        served = [f"gap: {item}" for item in items]
        gaps = {
            name: files[0].frame[f"P: {item}"] - files[0].frame[f"E: {item}"]
            for name, item in zip(served, items, strict=True)
        }
        frame = frame.assign(**gaps)
    faulty, reasons, n = _unfit(asked, frame, columns, method)
    frame = frame.assign(**{name: frame[name].mask(faulty) for name in [OUTCOME, *columns]})
    found, narrow = _joint(frame, asked, columns, served, method, interval)
    if kind == "gap" and not own_file:
        found = _less_expected(found, files[1], items, split, interval)
    k = len(items)
    nothing = Standing((), np.full((k, 2), np.nan), np.zeros((2 * k, 2 * k)), np.zeros(2 * k), np.zeros(k, dtype=int))
    groups = [found.get(label, nothing) if not reasons[label] else nothing for label in reasons]
    remarks = [
        *asked.base()[:1],
        *narrow,
        *((RANKS_FIXED,) if method == "spearman" else ()),
        *((LOOSE,) if asked.design.margins is not None else ()),
    ]
    return [
        replace(group, label=label, n=np.full(k, n[label]), reason=reasons[label])
        for group, label in zip(groups, reasons, strict=True)
    ], remarks


def _what(data: Any, items: Sequence[str]) -> Any:
    """The items under the word that :func:`servqual.drivers.drivers` knows them by."""
    return "dimensions" if set(items) <= {d.id for d in data.instrument.dimensions} else list(items)


def _unfit(
    asked: Question, frame: pd.DataFrame, columns: Sequence[str], method: Method
) -> tuple[Array, dict[tuple[Any, ...], str], dict[tuple[Any, ...], int]]:
    """(rows,) True for respondents of groups whose importance cannot be derived, why, and their numbers."""
    faulty, reasons, n = np.zeros(len(frame), dtype=bool), {}, {}
    for label, inside in asked.groups():
        values = frame.loc[inside, [OUTCOME, *columns]]
        if method in ("correlation", "spearman"):
            reason, at_fault = _flat(values)
        else:
            reason, at_fault = fault_of(values) if len(values) else ("nobody", ())
        if reason and not asked.by:
            raise refusal(reason, at_fault, asked, len(values))
        reasons[label], n[label] = reason, len(values)
        faulty |= inside & bool(reason)
    if all(reasons.values()):
        raise refusal(
            next((r for r in reasons.values() if r != "nobody"), "few"), ["the items"], asked, max(n.values())
        )
    return faulty, reasons, n


def _flat(values: pd.DataFrame) -> tuple[str, tuple[str, ...]]:
    """Why no correlation with the first column can be computed."""
    if len(values) < 4:
        return ("few" if len(values) else "nobody"), ()
    flat = values.nunique() < 2
    if flat.iloc[0]:
        return "flat outcome", (str(values.columns[0]),)
    return ("flat driver", tuple(map(str, values.columns[flat]))) if flat.any() else ("", ())


def _joint(
    frame: pd.DataFrame,
    asked: Question,
    columns: Sequence[str],
    served: Sequence[str],
    method: Method,
    interval: Interval,
) -> tuple[dict[tuple[Any, ...], Standing], tuple[Text, ...]]:
    """Importance and mean performance of each group with the covariance of all, and that few clusters carry some of them."""
    own, outcome = list(columns), OUTCOME
    if method == "spearman":
        names = [OUTCOME, *columns]
        frame = frame.assign(**{f"rank {name}": _weighted_ranks(frame, name, asked) for name in names})
        own, outcome = [f"rank {name}" for name in columns], f"rank {OUTCOME}"
    statistic: Statistic
    if method in ("shapley", "johnson"):
        statistic = SharesOfR2(tuple(own), outcome, method)
    else:
        statistic = Standardised(tuple(own), outcome) if method == "regression" else Correlation(outcome, tuple(own))
    kept = Kept(interval, {})
    how = None if asked.design.margins is not None else kept  # calibrated weights ask for their own Taylor()
    found = estimate(frame, _WithMeans(statistic, tuple(served)), asked.design, by=asked.by, interval=how)
    k, out, table, narrow = len(columns), {}, found.frame, []
    for label, _ in asked.groups():
        rows = table
        for name, value in zip(asked.by, label, strict=True):
            rows = rows[rows[name] == value]
        if not len(rows) or not (rows["n"] > 0).all():
            continue
        spread = kept.found.get(tuple(label)) if label else next(iter(kept.found.values()), None)
        se, df = np.nan_to_num(rows["se"].to_numpy(float)), rows["df"].to_numpy(float)
        covariance = np.diag(se**2) if spread is None else spread.covariance
        value = rows["estimate"].to_numpy(float).reshape(2, k).T
        lone = bool((rows["reason"] == "one cluster").any())
        out[label] = Standing(label, value, covariance, df, rows["n"].to_numpy(int)[:k], lone=lone)
        narrow += (
            [label] if found.narrow is not None and (not asked.by or " ".join(map(str, label)) in found.narrow) else []
        )
    return out, (narrow_words(narrow, asked.by_columns),) if narrow else ()


def _weighted_ranks(frame: pd.DataFrame, name: str, asked: Question) -> Array:
    """(rows,) mid-ranks within each group: the weight below, and half of that at the same answer. Equal weights: mean
    ranks.

    One respondent of weight w counts as w respondents.
    """
    out, weights = np.full(len(frame), np.nan), asked.weights()
    for _, inside in asked.groups():
        kept = inside & frame[name].notna().to_numpy()
        if not kept.any():
            continue
        _, code = np.unique(frame[name].to_numpy(float)[kept], return_inverse=True)
        at = np.bincount(code, weights[kept])
        out[kept] = (np.cumsum(at) - at / 2)[code]
    return out


def _less_expected(
    found: Mapping[tuple[Any, ...], Standing],
    file: _Scores,
    items: Sequence[str],
    split: Sequence[str],
    interval: Interval,
) -> dict[tuple[Any, ...], Standing]:
    """Performance less what other people expect, whose error is added."""
    here = [name for name in split if name in file.frame]
    whole, k, out = here != list(split), len(items), {}
    expected, _ = _all_means(file, [f"E: {item}" for item in items], () if whole else here, interval)
    for label, own in found.items():
        other = expected.get(() if whole else label, _nobody(k))
        covariance = own.covariance.copy()
        covariance[k:, k:] += other.spread.covariance
        df = np.concatenate([own.df[:k], np.minimum(own.df[k:], other.spread.df)])
        out[label] = replace(
            own, value=np.column_stack([own.value[:, 0], own.value[:, 1] - other.value]), covariance=covariance, df=df
        )
    return out


# --- reach -------------------------------------------------------------------------------------------------


def _affected(
    file: _Scores, items: Sequence[str], kind: Performance, scale: tuple[float, float] | None, split: Sequence[str]
) -> dict[tuple[Any, ...], Array]:
    """(k,) weighted share of respondents whom each item failed: below what they expected, else at the middle of the
    scale or below."""
    weight = row_weights(file.frame, file.design)
    weights = np.ones(len(file.frame)) if weight is None else weight
    answers = np.column_stack([file.frame[f"P: {item}"] for item in items])
    paired = kind == "gap" and f"E: {items[0]}" in file.frame
    if not paired and scale is None:
        return {}
    bar = (
        np.column_stack([file.frame[f"E: {item}"] for item in items])
        if paired
        else np.full(answers.shape, (scale[0] + scale[1]) / 2 if scale else 0)
    )
    known = np.isfinite(answers) & np.isfinite(bar)
    failed = (answers < bar) if paired else (answers <= bar)
    groups = file.frame.groupby(list(split), sort=False).indices if split else {(): np.arange(len(answers))}
    out = {}
    for label, rows in groups.items():
        key = label if isinstance(label, tuple) else (label,)
        base = weights[rows] @ known[rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            out[key] = (weights[rows] @ (known & failed)[rows]) / base
    return out


def check_two(standing: Standing) -> str:
    """The reason why there is no map; "" where two items at least have both numbers and differ in importance.

    >>> check_two(Standing((), np.array([[5.0, 4.0], [5.0, 3.0]]), np.zeros((4, 4)), np.full(4, 9.0), np.ones(2)))
    'flat importance'
    """
    known = standing.value[np.isfinite(standing.value).all(axis=1)]
    if standing.reason:
        return standing.reason
    if len(known) < 2:
        return "few items"
    return "flat importance" if np.ptp(known[:, 0]) <= 1e-9 * max(1.0, float(np.abs(known[:, 0]).max())) else ""


def refuse(reason: str, standing: Standing, positions: Positions) -> DataError:
    """The error of a map that cannot be drawn."""
    known = int(np.isfinite(standing.value).all(axis=1).sum())
    value = standing.value[np.isfinite(standing.value[:, 0]), 0]
    told = {
        "few items": f"only {known} of {len(positions.items)} items have an importance and a performance; a map needs two. See which questions "
        "were answered at all.",
        "flat importance": f"all items have the same importance ({value[0] if len(value) else np.nan:.3g}): no item counts more than another, so there are no "
        "quadrants. Ask for importance in points, or derive it: importance='derived'.",
    }
    return DataError(told.get(reason, reason))
