"""What is to be explained by what? The outcome and its drivers, read from responses or from a plain frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import REASONS, check_drawn
from servqual.measures import NOT_STATED, plan_measures
from servqual.moments import one_blas_thread, row_weights
from servqual.remarks import kept_remark
from servqual.responses import Responses
from servqual.tabulation import check_split, split_columns
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Text
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Form = Literal["perception", "gap"]
Labels = Mapping[str, Text | str]

OUTCOME = "outcome: answer"  # names that no column of a design bears
_FEWEST = 4  # respondents, below which nothing is said
_FLAT = 1e-9  # spread, in shares of the largest value, under which answers count as alike
_TIED = 1e-10  # share of a driver's variance that the drivers before it leave over

FAULTS: Mapping[str, Text] = {
    **REASONS,
    "few": {"en": "too few respondents for so many drivers", "zh": "相对驱动因素数，受访者过少"},
    "flat outcome": {
        "en": "everyone gave the same answer to the outcome: nothing to explain",
        "zh": "结果题回答完全相同，无可解释",
    },
    "flat driver": {"en": "a driver does not vary: it can explain nothing", "zh": "有驱动因素无变异，无法解释任何差异"},
    "collinear": {
        "en": "one driver follows exactly from others: no share can be told apart",
        "zh": "有驱动因素可由其他因素完全推出，无法区分各自贡献",
    },
}


@dataclass(frozen=True, eq=False)
class Question:
    """One outcome, its drivers, and the same respondents for all of them.

    Attributes
    ----------
    frame : every row; the design's and split columns, the outcome and drivers under :data:`OUTCOME` and :meth:`column`,
        nan in all of them where one is missing
    drivers : ids, in order; ``labels`` their names
    n, rows : respondents used, respondents there are
    """

    frame: pd.DataFrame
    design: SampleDesign
    drivers: tuple[str, ...]
    labels: Mapping[str, Text]
    outcome: Text
    by: tuple[str, ...]
    by_columns: tuple[Column, ...]
    n: int
    rows: int
    kept: tuple[Text, ...]
    language: Language

    @classmethod
    def of(
        cls,
        data: Responses | pd.DataFrame,
        outcome: str,
        drivers: str | Sequence[str],
        *,
        form: Form,
        by: str | Sequence[str] | None,
        design: SampleDesign | None,
        labels: Labels | None,
        taken: Sequence[str],
    ) -> Question:
        """The question behind what was asked for; ``taken`` are the names that the result's columns bear."""
        check_choice("form", form, Form)
        split = split_columns(by)
        check_split(split, taken)
        design = _design_of(data, design)
        frame = data.frame if isinstance(data, Responses) else data
        check_drawn(frame, design)
        check_columns(split, frame.columns, where(data))
        scores, words = _scores(data, drivers, form)
        answer, label = _outcome(data, outcome, scores)
        words |= {name: _text(text) for name, text in (labels or {}).items()}
        values = pd.DataFrame(
            {OUTCOME: answer, **{column(str(name)): scores[name] for name in scores}}, index=frame.index
        )
        complete = np.isfinite(values.to_numpy(float)).all(axis=1)
        if complete.sum() < _FEWEST:
            raise DataError(_nobody(values, complete, data, label))
        held = frame[list(dict.fromkeys([*design.column_names(), *split]))].copy()
        for name in split:
            held[name] = held[name].astype(object).where(held[name].notna(), NOT_STATED)
        known = data if isinstance(data, Responses) else None
        answers = {str(name): np.where(complete, values[name], np.nan) for name in values}
        names = tuple(map(str, scores))
        return cls(
            held.assign(**answers), design, names, {name: words.get(name, {"en": name}) for name in names},
            words.get(outcome, label), split,
            tuple(known.column_of(name) if known else Column(name, {"en": name}) for name in split), int(complete.sum()),
            len(frame), (kept_remark(known),) if known else (), known.language if known else "en",
        )  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        """The drivers' columns of the frame."""
        return tuple(column(name) for name in self.drivers)

    def groups(self) -> Iterator[tuple[tuple[Any, ...], Array]]:
        """Values of the split columns, in order of first appearance, and which complete rows are theirs."""
        complete = self.frame[OUTCOME].notna().to_numpy()
        if not self.by:
            yield (), complete
            return
        for values in self.frame[list(self.by)].drop_duplicates().itertuples(index=False, name=None):
            inside = np.logical_and.reduce(
                [(self.frame[name] == v).to_numpy() for name, v in zip(self.by, values, strict=True)]
            )
            yield values, complete & inside

    def without(self, rows: Array) -> pd.DataFrame:
        """The frame with the answers of these rows taken out; their respondents stay part of the design."""
        names = [OUTCOME, *self.columns]
        return self.frame.assign(**{name: self.frame[name].mask(rows) for name in names})

    def weights(self) -> Array:
        """(rows,) weights of the respondents, 1 where there are none."""
        found = row_weights(self.frame, self.design)
        return np.ones(len(self.frame)) if found is None else found

    def base(self) -> tuple[Text, ...]:
        """Who was used, in words."""
        lost = self.rows - self.n
        said: Text = {"en": f"n = {self.n:,} respondents who answered everything needed; {lost:,} of {self.rows:,} did not",
                      "zh": f"n = {self.n:,} 位受访者完整回答；{self.rows:,} 位中有 {lost:,} 位缺答"}  # fmt: skip
        return (said, *self.kept)


def column(driver: str) -> str:
    """The column of a driver's scores."""
    return f"driver: {driver}"


def where(data: Responses | pd.DataFrame) -> str:
    """What the data are called in messages."""
    return data.source.name if isinstance(data, Responses) else "the data"


def fault_of(values: pd.DataFrame) -> tuple[str, tuple[str, ...]]:
    """Why no regression of the first column on the others can be computed, and the columns at fault; "" where it can.

    >>> fault_of(pd.DataFrame({"y": [1, 2, 3, 5, 4], "a": [1, 2, 2, 1, 3], "b": [2, 4, 4, 2, 6]}))
    ('collinear', ('b',))
    """
    matrix = values.to_numpy(float)
    n, k = matrix.shape
    if n < k + 1:
        return "few", ()
    spread = matrix.std(axis=0)
    flat = spread <= _FLAT * np.maximum(np.abs(matrix).max(axis=0), 1)
    if flat[0]:
        return "flat outcome", (str(values.columns[0]),)
    if flat.any():
        return "flat driver", tuple(map(str, values.columns[flat]))
    with one_blas_thread():
        standard = ((matrix - matrix.mean(axis=0)) / spread)[:, 1:]
        alike = standard.T @ standard / n
    tied = [
        j
        for j in range(1, k - 1)
        if 1 - alike[j, :j] @ np.linalg.pinv(alike[:j, :j], hermitian=True) @ alike[:j, j] < _TIED
    ]
    return ("collinear", tuple(str(values.columns[1 + j]) for j in tied)) if tied else ("", ())


def refusal(reason: str, at_fault: Sequence[str], question: Question, n: int) -> DataError:
    """The error of a question that cannot be answered, with the drivers at fault."""
    names = ", ".join(name.removeprefix("driver: ") for name in at_fault)
    outcome = question.outcome.get("en", "the outcome")
    told = {
        "few": f"{n} respondents answered everything; {len(question.drivers)} drivers need at least {len(question.drivers) + 2}. Use "
        "fewer drivers, such as dimensions instead of items.",
        "flat outcome": f"all {n} respondents gave the same answer to {outcome!r}: there is nothing to explain. Choose another outcome.",
        "flat driver": f"{names}: does not vary among the {n} respondents used, so it can explain nothing. Leave it out.",
        "collinear": f"{names}: follows exactly from the drivers before it, so no share can be told apart. Leave it out.",
    }
    return DataError(told[reason])


def _design_of(data: Responses | pd.DataFrame, design: SampleDesign | None) -> SampleDesign:
    if not isinstance(data, Responses):
        return design or SampleDesign()
    if design is not None:
        raise SpecError("responses bring their own sample design. Leave design= out, or give a data frame.")
    return data.design


def _scores(
    data: Responses | pd.DataFrame, drivers: str | Sequence[str], form: Form
) -> tuple[pd.DataFrame, dict[str, Text]]:
    """(n, p) scores of the drivers, and their labels."""
    if isinstance(drivers, str):
        if drivers not in ("dimensions", "items"):
            raise SpecError(f"drivers={drivers!r} is not known. Write 'dimensions', 'items' or a list of columns.")
        if not isinstance(data, Responses):
            raise SpecError(
                f"drivers={drivers!r} needs responses, which know their items. Name the columns of the frame."
            )
        return _form_scores(data, drivers, form), data.instrument.words()
    names = list(drivers)
    if not names:
        raise SpecError("drivers names no column. Name at least one.")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise SpecError(f"drivers names {', '.join(repeated)} more than once.")
    if isinstance(data, Responses):
        scored = [_form_scores(data, what, form) for what in ("items", "dimensions")]
        table = data.frame.assign(**{str(name): part[name] for part in scored for name in part if name in names})
        words = {**{name: data.column_of(name).label for name in names}, **data.instrument.words()}
    else:
        table, words = data, {}
    check_columns(names, table.columns, where(data))
    return pd.DataFrame({name: numbers(table[name], where(data)) for name in names}, index=table.index), words


def _form_scores(responses: Responses, what: str, form: Form) -> pd.DataFrame:
    """(n, scores) of the items or dimensions; nan where an answer is missing."""
    needed = ("perception", "expectation") if form == "gap" else ("perception",)
    lacking = [name for name in needed if name not in responses.forms]
    if lacking:
        raise SpecError(
            f"{responses.source.name} has no {' and no '.join(lacking)} of the same people, which form={form!r} needs."
        )
    answers = responses.answers("perception").astype(float)
    if form == "gap":
        answers = answers - responses.answers("expectation").astype(float)[list(answers)]
    values, wanted = answers.to_numpy(float), what.removesuffix("s")
    plan = plan_measures(responses.instrument, list(map(str, answers)), "dimensions", None)
    return pd.DataFrame({each.id: each.of(values) for each in plan if each.what == wanted}, index=answers.index)


def _outcome(data: Responses | pd.DataFrame, name: str, drivers: pd.DataFrame) -> tuple[Array, Text]:
    """The answers to be explained and what the question is called."""
    frame = data.frame if isinstance(data, Responses) else data
    outcomes = data.instrument.outcomes if isinstance(data, Responses) else ()
    known = {key: each for each in outcomes for key in (each.id, each.column)}
    found = known[name].column if name in known else name
    check_columns([found], frame.columns, where(data), near=[*(each.id for each in outcomes), *frame.columns])
    items = (
        {each for form in data.forms for each in data.instrument.columns(form).values()}
        if isinstance(data, Responses)
        else set()
    )
    if found in items or name in drivers:
        raise SpecError(
            f"outcome={name!r} is one of the drivers, or part of one: it would explain itself. Name another question."
        )
    if name in known:
        return numbers(frame[found], where(data)), known[name].label
    return numbers(frame[found], where(data)), data.column_of(found).label if isinstance(data, Responses) else {
        "en": found
    }


def numbers(column: pd.Series, where: str) -> Array:
    """(n,) a column as numbers, nan where missing; words and infinite values are refused with their rows."""
    values = pd.to_numeric(column, errors="coerce").astype(float)
    bad = (column.notna() & values.isna()) | np.isinf(values)
    if bad.any():
        cases = pd.DataFrame(
            {
                "row": column.index[bad],
                "column": column.name,
                "value": column[bad].to_numpy(),
                "problem": "not a number",
            }
        )
        listed = ", ".join(
            f"{value!r} in row {row}" for row, value in zip(cases["row"][:3], cases["value"][:3], strict=True)
        )
        raise DataError(
            f"{where}: column {column.name!r} holds {len(cases)} values that are not numbers ({listed}). Recode them.",
            cases,
        )
    return values.to_numpy(float)


def _nobody(values: pd.DataFrame, complete: Array, data: Responses | pd.DataFrame, label: Text) -> str:
    """That too few answered everything, and which questions were answered least."""
    given = values.notna().sum().sort_values(kind="stable")
    named = [
        label.get("en", "the outcome") if name == OUTCOME else name.removeprefix("driver: ") for name in given.index[:3]
    ]
    listed = ", ".join(f"{name!r} {count:,}" for name, count in zip(named, given[:3], strict=True))
    return (
        f"{where(data)}: {int(complete.sum())} of {len(values):,} respondents answered the outcome and all drivers; at least {_FEWEST} are "
        f"needed. Answered least: {listed}. Leave such drivers out."
    )


def _text(words: Text | str) -> Text:
    return {"en": words, "zh": words} if isinstance(words, str) else words
