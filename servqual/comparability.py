"""May these groups, or the two forms, be compared? The ladder of invariance where there are answers enough, words where not.

:func:`comparability` of groups and :func:`form_comparability` are what ``compare(..., comparability=...)`` and reports print:
they never fail for want of answers, they say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial as with_first
from typing import Any

import pandas as pd

from servqual.cfa.confirm import NotIdentified, groups_of
from servqual.correlations import OF_WORDS, ItemMatrix, Of, item_matrices, side_of
from servqual.invariance import Invariance, form_invariance, invariance
from servqual.moments import NOT_STATED
from servqual.responses import Responses
from survey_design.errors import DataError, check_columns
from survey_design.results import Column, Language, Text, say, spaced

REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "few": {"en": "{untested} of {all} have fewer than {least} complete answers, too few to see a difference of the ruler",
            "zh": "{all} 组中有 {untested} 组的完整回答不足 {least} 份，不足以看出测量尺度的差异"},
    "one group": {"en": "only one of {all} groups has {least} complete answers or more",
                  "zh": "{all} 组中仅有一组的完整回答达到 {least} 份"},
    "many": {"en": "{all} groups are too many to be held beside each other; ask how much of the answers lies between them",
             "zh": "共 {all} 组，过多而无法逐组对照；宜考察回答的差异有多少存在于组间"},
    "one item": {"en": "no dimension has two items", "zh": "没有任何维度具有两个题项"},
    "no model": {"en": "the model of the dimensions can't be fitted in every group (an item does not vary, items repeat each other, or "
                 "no fit was found)",
                 "zh": "维度模型无法在每一组中拟合（题项回答全部相同、题项彼此重复，或未能收敛）"},
}  # fmt: skip


FORMS = "expectation–perception"  # the name under which the two forms stand among splits
_TWO: tuple[Of, ...] = ("expectation", "perception")
_MOST = 20  # groups beside each other
_FORM = Column(FORMS, {"en": "form", "zh": "问卷"})


@dataclass(frozen=True, eq=False)
class Comparability:
    """What is known of a split's groups, or of the two forms: may their means be compared?

    Attributes
    ----------
    by : the split column, and how it is headed; ``FORMS`` for expectations and perceptions
    sizes : complete answers of every group, as it is shown
    least_n : of a group that is tested
    invariance : the ladder of the groups that are large enough; None where there is none
    reason : why there is none, a key of ``REASONS``
    """

    by: Column
    sizes: Mapping[str, int]
    least_n: int
    language: Language
    invariance: Invariance | None = None
    reason: str = ""

    @property
    def of_forms(self) -> bool:
        """Whether it is about expectations and perceptions, not groups."""
        return self.by.name == FORMS

    @property
    def untested(self) -> tuple[str, ...]:
        """Groups with too few complete answers."""
        return tuple(name for name, n in self.sizes.items() if n < self.least_n)

    @property
    def comparable(self) -> bool:
        """Whether means of the dimensions may be compared as they are, between all groups."""
        return self.invariance is not None and self.invariance.comparable and not self.untested

    def sentence(self) -> str:
        """What may be compared, or why it can't be said."""
        zh, heading = self.language == "zh", self.by.heading(self.language)
        blanks = {"untested": len(self.untested), "all": len(self.sizes), "least": self.least_n}
        if self.invariance is None:
            why = say(REASONS[self.reason], self.language).format(**blanks)
            if self.of_forms:
                return f"期望与感知的测量尺度是否一致无法检验：{why}。" if zh else (
                    f"Whether expectations and perceptions are given with the same ruler is not testable: {why}.")  # fmt: skip
            return f"{spaced(f'按{heading}分组')}，各组测量尺度是否一致无法检验：{why}。" if zh else (
                f"By {heading}, whether groups answer with the same ruler is not testable: {why}.")  # fmt: skip
        said = self.invariance.sentence()
        if not self.untested:
            return said
        n = len(self.untested)
        rest = f"{len(self.sizes)} 组中有 {n} 组的完整回答不足 {self.least_n} 份，未作检验。" if zh else (
            f" Not tested: {n} of {len(self.sizes)} groups, with fewer than {self.least_n} complete answers.")  # fmt: skip
        return said + rest

    def __str__(self) -> str:
        return self.sentence().rstrip(".。")


def comparability(
    responses: Responses, by: str, *, of: Of = "perception", least_n: int = 100, partial: bool = False
) -> Comparability:
    """Whether the groups of a split answer with the same ruler, as far as their sizes let it be tested.

    Groups with fewer than ``least_n`` complete answers are left out of the test and counted; those whose value is not stated
    are no group. See :func:`servqual.invariance.invariance` for the test and its thresholds.

    Parameters
    ----------
    responses : what came back
    by : column that splits the respondents
    of : "perception", "expectation" or "gap"
    least_n : complete answers from which a group is tested
    partial : as in :func:`servqual.invariance.invariance`

    Raises
    ------
    DataError
        If there is no such column.

    Examples
    --------
    >>> from servqual.study import load_study
    >>> found = comparability(load_study("data/sample").read(), "tier")
    >>> found.untested, found.sentence()[-64:]
    (('cooperative',), 'Not tested: 1 of 5 groups, with fewer than 100 complete answers.')
    """
    side = side_of(responses, of)
    check_columns([by], side.columns, side.source.name)
    column = side.column_of(by)
    forms = ("perception", "expectation") if of == "gap" else (of,)
    complete = pd.concat([side.answers(form) for form in forms], axis=1).notna().all(axis=1)
    groups = side.frame[by].astype(object).where(side.frame[by].notna(), NOT_STATED)
    sizes = complete.groupby(groups, sort=False).sum().drop(NOT_STATED, errors="ignore")
    shown = _names(column, list(sizes.index), side.language)
    told = {shown[value]: int(n) for value, n in sizes.items()}
    found = with_first(Comparability, column, told, least_n, side.language)
    large = sizes.index[sizes >= least_n]
    if not 2 <= len(large) <= _MOST:
        return found(reason="few" if not len(large) else "one group" if len(large) == 1 else "many")
    kept = side._with(frame=side.frame[groups.isin(large)])
    ladder, reason = _ladder(kept, by, of, {value: shown[value] for value in large}, column, partial, least_n)
    return found(invariance=ladder, reason=reason)


def _names(column: Column, values: Sequence[Any], language: Language) -> dict[Any, str]:
    """What the groups are called; by their codes where two would be called the same."""
    shown = {value: column.show(value, language) for value in values}
    return shown if len(set(shown.values())) == len(shown) else {value: str(value) for value in values}


def _ladder(
    side: Responses, by: str, of: Of, groups: Mapping[Any, str], column: Column, partial: bool, least_n: int
) -> tuple[Invariance | None, str]:
    """The ladder of groups that are large enough, each under the name that is shown; or why there is none."""
    try:
        matrices = {label[0]: matrix for label, matrix in item_matrices(side, by=by, of=of).items()}
        model = {name: items for name, items in groups_of(next(iter(matrices.values()))).items() if len(items) > 1}
        if not model:
            return None, "one item"
        named: dict[str, ItemMatrix] = {name: matrices[value] for value, name in groups.items()}
        ladder = invariance(
            named, by=column.heading(side.language), of=of, model=model, partial=partial, least_n=least_n
        )
    except (DataError, NotIdentified):  # said in words: a report is no place to stop
        return None, "no model"
    return ladder, ""


def form_comparability(responses: Responses, *, least_n: int = 100) -> Comparability:
    """Whether expectations and perceptions are given with the same ruler, which every gap of a dimension presupposes.

    See :func:`servqual.invariance.form_invariance`; this one says in words why there is no answer, where there is none.

    Raises
    ------
    SpecError
        If one of the forms was not asked.

    Examples
    --------
    >>> from servqual.study import load_study
    >>> found = form_comparability(load_study("data/sample").read())
    >>> dict(found.sizes), found.comparable
    ({'expectations': 400, 'perceptions': 882}, False)
    """
    language = responses.language
    told = {say(OF_WORDS[form], language): _complete(responses, form) for form in _TWO}
    found = with_first(Comparability, _FORM, told, least_n, language)
    if min(told.values()) < least_n:
        return found(reason="few")
    homes: dict[str, list[str]] = {}
    for item in responses.instrument.items:
        if responses.expectation is None or item.id in responses.matches:
            homes.setdefault(item.dimension, []).append(item.id)
    model = {name: items for name, items in homes.items() if name and len(items) > 1}
    if not model:
        return found(reason="one item")
    try:
        return found(invariance=form_invariance(responses, model=model, least_n=least_n))
    except (DataError, NotIdentified):
        return found(reason="no model")


def _complete(responses: Responses, form: Of) -> int:
    """People who answered every item of a form; of both forms where the same people were asked."""
    forms = _TWO if responses.expectation is None else (form,)
    return int(pd.concat([side_of(responses, each).answers(each) for each in forms], axis=1).notna().all(axis=1).sum())
