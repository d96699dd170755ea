"""May these groups of respondents be compared?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial as with_first
from typing import Any

import pandas as pd

from servqual.cfa.confirm import check_counts, check_matrix, groups_of
from servqual.cfa.fit import Sample
from servqual.cfa.model import Kind as Number
from servqual.cfa.model import ParameterTable, in_groups, plan_model
from servqual.correlations import AskedKind, ItemMatrix, KindRule, Of, check_answers, item_matrices, side_of
from servqual.invariance.ladder import Ladder, LikelihoodLadder, Limits, Place, climb, equality_tests
from servqual.invariance.ordered import (
    CLUSTERED,
    check_ordered,
    joined_categories,
    missing_categories,
    ordered_ladder,
    told_joined,
    with_joined,
)
from servqual.invariance.results import Invariance
from servqual.moments import one_blas_thread
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Text, say

_MOST_NAMED = 6
_INSTEAD = (
    "ask how much of the answers lies between the groups, and how reliable their means are, instead: ICC(1) and ICC(2) (intraclass "
    "correlations), "
    "servqual.levels.group_reliability(responses, by=...)"
)
WEIGHTED: Text = {
    "en": "weights entered means and covariances, not the tests: these take respondents as equal",
    "zh": "权数已用于均值与协方差，检验仍视各受访者权数相等",
}


def invariance(
    responses: Responses | Mapping[str, ItemMatrix],
    *,
    by: str = "",
    of: Of = "perception",
    model: Mapping[str, Sequence[str]] | None = None,
    kind: AskedKind = "pearson",
    rule: KindRule | None = None,
    collapse: bool = False,
    partial: bool = False,
    least_cfi: float = 0.90,
    worst_cfi: float = 0.01,
    worst_rmsea: float = 0.015,
    worst_rmsea_d: float = 0.08,
    least_n: int = 100,
    most_groups: int = 20,
) -> Invariance:
    """Whether groups answer with the same ruler, step by step, and what may be compared if they do not.

    Parameters
    ----------
    responses : Responses, or group -> ItemMatrix with means
    by : column that splits the respondents (with matrices: what the groups are called)
    of : "perception", "expectation" or "gap"
    model : factor -> items; the instrument's dimensions if not given
    kind : "pearson" takes answers as numbers (maximum likelihood); "polychoric" as ordered categories: thresholds are a step
        of their own (:mod:`servqual.invariance.ordered`); "auto" goes by ``rule`` and says so. Where "auto" would take ordered
        answers but a group never gives one of them, answers are taken as numbers, and the note says why
    rule : KindRule, for "auto"
    collapse : ordered answers only: join a category that some group never uses with the nearest one that all groups use; the note
        says which. Without it such categories raise
    partial : free, one at a time, the number whose score test is largest where a step fails, as long as each factor keeps two
        items that are equal everywhere; stops when the step holds. Ordered: what raises CFI most
    least_cfi, worst_cfi, worst_rmsea : the configural model's least CFI, and by how much CFI may fall and RMSEA rise in a step
    worst_rmsea_d : ordered answers only, where CFI and RMSEA hardly move: a significant difference (p < .05) may not have a larger
        RMSEA of its own, ``sqrt((chi2 - df) G / (n df))``
    least_n : smallest group that is tested, of those who answered every item; smaller ones raise, since nothing would be found
    most_groups : more groups raise: with many, some number differs somewhere always, and which one says little

    Returns
    -------
    Invariance

    Raises
    ------
    DataError
        Groups too many or too small; categories that a group never uses, where answers are taken as ordered.

    Notes
    -----
    Agrees with lavaan 0.6-14 for Holzinger and Swineford's two schools and for the sexes in the ``bfi`` data (chi-square of
    all four steps, score tests of equalities; tests/test_invariance.py). Respondents count as independent and equally.
    The ruler of the two forms, expectations and perceptions, is :func:`form_invariance`'s question.

    References
    ----------
    Vandenberg and Lance (2000), Organizational Research Methods 3, 4-70, doi:10.1177/109442810031002. Cheung and Rensvold (2002),
    Structural Equation Modeling 9, 233-255, doi:10.1207/S15328007SEM0902_5. Chen (2007), Structural Equation Modeling 14,
    464-504, doi:10.1080/10705510701301834. Wu and Estabrook (2016), Psychometrika 81, 1014-1045,
    doi:10.1007/s11336-016-9506-0 (ordered answers). Sass, Schmitt and Marsh (2014), Structural Equation Modeling 21, 167-180,
    doi:10.1080/10705511.2014.882658. Savalei, Brace and Fouladi (2024), Psychological Methods 29, 480-493,
    doi:10.1037/met0000537 (RMSEA of a difference).

    Examples
    --------
    >>> import numpy as np
    >>> loading = np.array([0.8, 0.7, 0.6, 0.8, 0.7, 0.6])
    >>> r = np.outer(loading, loading) * np.kron([[1, 0.4], [0.4, 1]], np.ones((3, 3)))
    >>> np.fill_diagonal(r, 1)
    >>> make = lambda mean: ItemMatrix.from_matrix(
    ...     r, 300, [f"x{i}" for i in range(6)], dimensions=["a"] * 3 + ["b"] * 3, mean=mean
    ... )
    >>> invariance({"old": make(np.zeros(6)), "new": make(loading)}, by="store").reached
    'strict'
    """
    if not by:
        raise SpecError(
            "invariance() compares groups, and by is not given. Name the column that tells them apart, such as by='tier'; where "
            "matrices are given, what their keys are. Expectations beside perceptions are form_invariance()'s question."
        )
    check_choice("kind", kind, AskedKind)
    check_choice("of", of, Of)
    check = with_first(_check_groups, by=by, least_n=least_n, most_groups=most_groups)
    if isinstance(responses, Responses):
        answers, matrices, said = _of_answers(responses, by, of, model, kind, rule, collapse, check)
    else:
        answers, matrices, said = None, _as_groups(responses), []
        _check_given(matrices, kind)
        check(matrices)
    base = base_model(next(iter(matrices.values())), model)
    ordered = next(iter(matrices.values())).kind == "polychoric"
    ladder: Ladder = likelihood_ladder(base, matrices)
    if answers is not None and ordered:
        ladder = ordered_ladder(base, matrices, answers, by)
        said += [CLUSTERED] if side_of(answers, of).design.stages else []
    limits = Limits(least_cfi, worst_cfi, worst_rmsea, worst_rmsea_d)
    return climbed(ladder, matrices, base, limits, by=by, partial=partial, remarks=said, **_named(responses, of, by))


def _named(responses: Any, of: Of, by: str) -> dict[str, Any]:
    """What the split and its groups are called, where the data say."""
    if not isinstance(responses, Responses) or by not in side_of(responses, of).variables:
        return {}
    variable = side_of(responses, of).variables[by]
    return {"called": {by: variable}, "words": {f"group {value}": text for value, text in variable.values.items()}}


def base_model(first: ItemMatrix, model: Mapping[str, Sequence[str]] | None) -> ParameterTable:
    """The model of one group, refused where it can't be identified."""
    groups = dict(model) if model is not None else groups_of(first)
    table = plan_model(groups, first.names)
    check_counts(table, groups)
    return table


def likelihood_ladder(base: ParameterTable, matrices: Mapping[Any, ItemMatrix]) -> LikelihoodLadder:
    """Maximum likelihood in several groups."""
    samples = [Sample(each.covariance * (each.n - 1) / each.n, each.n, each.mean) for each in matrices.values()]
    return LikelihoodLadder(base, tuple(samples), with_first(_tied, base, len(samples)), equality_tests)


def _tied(base: ParameterTable, groups: int, equal: tuple[Number, ...], freed: Sequence[Place]) -> ParameterTable:
    released: Any = set(freed)
    return in_groups(base, groups, equal=equal, released=released)


def climbed(
    ladder: Ladder, matrices: Mapping[Any, ItemMatrix], base: ParameterTable, limits: Limits, *, by: str, partial: bool,
    remarks: Sequence[Text] = (), **told: Any,
) -> Invariance:  # fmt: skip
    """Climb a ladder of groups and say what was found."""
    first = next(iter(matrices.values()))
    limits = limits if first.kind == "polychoric" else replace(limits, worst_rmsea_d=None)
    with one_blas_thread():
        found = climb(ladder, limits, partial=partial)
    words = {**dict(zip(first.names, first.labels, strict=True)), **first.dimension_labels, **told.pop("words", {})}
    every = [*remarks, *_warnings(matrices, words)]
    every += [WEIGHTED] if any(each.weighted for each in matrices.values()) and first.kind == "pearson" else []
    own: dict[str, Any] = {
        "sizes": tuple(each.n for each in matrices.values()),
        "n_dropped": sum(each.n_dropped for each in matrices.values()),
    }
    return Invariance(
        pd.DataFrame(found.lines), first.language, by=by, groups=tuple(map(str, matrices)), of=first.of, reached=found.reached,
        freed=found.freed, solutions=found.solutions, least_cfi=limits.least_cfi, worst_cfi=limits.worst_cfi,
        worst_rmsea=limits.worst_rmsea,
        worst_rmsea_d=limits.worst_rmsea_d, words=words, kind=first.kind, factors=base.factors,
        remarks=tuple({text["en"]: text for text in every}.values()), **{**own, **told},
    )  # fmt: skip


def _warnings(matrices: Mapping[Any, ItemMatrix], words: Mapping[str, Text]) -> list[Text]:
    """What all matrices say, once, and what some say, with the name of the group."""
    said: dict[str, list[tuple[Any, Text]]] = {}
    for label, matrix in matrices.items():
        for text in matrix.warnings:
            said.setdefault(text["en"], []).append((label, text))
    every: list[Text] = []
    for own in said.values():
        for label, text in own if len(own) < len(matrices) else []:
            name = words.get(f"group {label}", str(label))
            every.append({"en": f"in {say(name, 'en')}: {text['en']}", "zh": f"{say(name, 'zh')}：{say(text, 'zh')}"})
        every += [own[0][1]] if len(own) == len(matrices) else []
    return every


def _of_answers(
    responses: Responses, by: str, of: Of, model: Any, kind: AskedKind, rule: KindRule | None, collapse: bool,
    check: Callable[[dict[Any, ItemMatrix]], None],
) -> tuple[Responses, dict[Any, ItemMatrix], list[Text]]:  # fmt: skip
    """The answers in the end, the groups' matrices, all of one kind, and what must be said of that kind."""
    named = None if model is None else {item for group in model.values() for item in group}
    items = None if named is None else [item.id for item in responses.instrument.items if item.id in named]

    def found(answers: Responses, asked: AskedKind) -> dict[Any, ItemMatrix]:
        every = item_matrices(answers, by=by, of=of, items=items, kind=asked, rule=rule)
        return {label[0]: each for label, each in every.items()}

    numbers = found(responses, "pearson")
    check(numbers)  # before polychorics, for which a small group may lack any variation
    if kind == "pearson":
        return responses, numbers, []
    matrices = found(responses, kind)
    first = next(iter(matrices.values()))
    said: list[Text] = [first.because] if first.because else []
    if first.kind == "pearson":
        return responses, numbers, said
    lacking = missing_categories(matrices)
    if lacking and collapse:
        joined = joined_categories(matrices)
        responses = with_joined(side_of(responses, of), of, joined)
        matrices, said = found(responses, "polychoric"), [*said, told_joined(joined)]
    elif lacking and kind == "auto":
        return responses, numbers, [*said, as_numbers(lacking)]
    check_ordered(matrices, by)
    return responses, matrices, said


def _as_groups(given: Any) -> dict[Any, ItemMatrix]:
    """Group -> matrix as it was given; one matrix alone, a path and a frame are refused."""
    if isinstance(given, Mapping) and all(isinstance(each, ItemMatrix) for each in given.values()):
        return dict(given)
    if isinstance(given, ItemMatrix):
        raise SpecError(
            "one ItemMatrix has no groups that could be compared. Give one for each group, {'city': matrix, 'village': matrix}, or the "
            "answers and by=..."
        )
    if isinstance(given, Mapping):
        wrong = next(name for name, each in given.items() if not isinstance(each, ItemMatrix))
        raise SpecError(
            f"group {wrong!r} holds no ItemMatrix but: {type(given[wrong]).__name__}. Make one: ItemMatrix.from_matrix(matrix, n, mean=...)."
        )
    check_answers(given, "invariance")
    raise SpecError("invariance takes answers or a matrix for each group.")


def _check_given(matrices: Mapping[str, ItemMatrix], kind: AskedKind) -> None:
    if kind == "polychoric" or any(each.kind == "polychoric" for each in matrices.values()):
        raise SpecError(
            "ordered answers need the answers themselves: polychoric correlations alone tell neither thresholds nor their errors. "
            "Give Responses, or matrices of kind 'pearson'."
        )


def as_numbers(lacking: Sequence[tuple[str, float, Any]]) -> Text:
    """Why "auto" took ordered answers as numbers."""
    item, category, group = lacking[0]
    return {
        "en": f"answers were taken as numbers all the same, since thresholds need every category in every group: for one, {group} never "
        f"answers {category:g} to {item} (collapse=True joins such categories)",
        "zh": f"但阈值检验要求各组用到每个选项（例如“{group}”组从未在 {item} 选 {category:g}），故仍按数值处理（collapse=True 可合并此类选项）",
    }


def _check_groups(matrices: Mapping[Any, ItemMatrix], by: str, least_n: int, most_groups: int) -> None:
    """Refuse a single group, too many groups, and groups in which nothing would be found."""
    if len(matrices) < 2:
        raise SpecError(f"by={by!r} has {len(matrices)} group. Invariance compares two or more.")
    small = {name: each for name, each in matrices.items() if each.n < max(least_n, each.k + 1)}
    if small:
        raise DataError(
            _too_small(small, len(matrices), by, least_n),
            pd.DataFrame([(name, each.n) for name, each in small.items()], columns=["group", "n"]),
        )
    if len(matrices) > most_groups:
        raise DataError(
            f"by={by!r} is not testable this way: {len(matrices)} groups, more than {most_groups}. With so many, exact equality fails "
            f"somewhere always, and where says little. Join groups, or {_INSTEAD}; most_groups={len(matrices)} tests all the same.",
            pd.DataFrame([(name, each.n) for name, each in matrices.items()], columns=["group", "n"]),
        )
    for matrix in matrices.values():
        check_matrix(matrix)


def _too_small(small: Mapping[Any, ItemMatrix], groups: int, by: str, least_n: int) -> str:
    """Which groups are too small, whether for people or for answers they left out, and what can be done."""
    blank = any(each.n_dropped for each in small.values())
    named = [f"{name}: {each.n:,} of {each.n + each.n_dropped:,} answered every item" if each.n_dropped else f"{name} {each.n:,}"
             for name, each in [*small.items()][:_MOST_NAMED]]  # fmt: skip
    told = ", ".join(named) + (", …" if len(small) > _MOST_NAMED else "")
    have = "has" if len(small) == 1 else "have"
    least = max(each.k + 1 for each in small.values())
    lowest = min(each.n for each in small.values())
    ways = ["Join groups, or leave them out"]
    if blank:
        ways.append("people who skipped an item count again if that item is left out (model={factor: [items]})")
    if lowest >= least:
        ways.append(f"least_n={lowest} tests all the same, and finds only large differences")
    return (
        f"by={by!r} is not testable this way: {len(small)} of {groups} groups {have} fewer than {max(least_n, least)} complete answers "
        f"({told}). In such groups differences of the ruler could not be seen. {'; '.join(ways)}; for many small groups {_INSTEAD}."
    )
