"""What goes with an outcome, other things equal? Linear and logistic regression under the sample design.

Weighted estimating equations give the coefficients; their errors come from the design: each respondent's influence on
the coefficients is summed by strata and clusters like any other column (:class:`~servqual.moments.Moments`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    NUMBER_COLUMNS,
    REASONS,
    Again,
    Interval,
    Spread,
    Student,
    Term,
    check_drawn,
    choose_interval,
    inside_one_cluster,
    t_pvalue,
    within_one_cluster,
)
from servqual.moments import Cells, Moments, ScoreMap, margin_rows, row_weights
from servqual.replicates import Bootstrap, Jackknife
from survey_design.errors import DataError, SpecError, check_between, check_columns
from survey_design.results import Column, Result, Text, say
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Kind = Literal["linear", "logistic"]

INTERCEPT = "(intercept)"
_MOST_STEPS = 50
_DEPENDENT = 1e-9  # what is left of a standardised column after the columns before it
_ROUNDING = 1e-12
_CERTAIN = 1e-8  # a fitted probability this near to 0 or 1 makes us look for separation

MODEL_REASONS: Mapping[str, Text] = {
    **REASONS,
    "no df": {
        "en": "no degrees of freedom: as many coefficients as clusters beyond strata, or more",
        "zh": "自由度为零：系数个数不少于群数减层数",
    },
}
_MODEL_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("coefficient", {"en": "coefficient", "zh": "系数"}, "signed", decimals=3),
        Column("odds_ratio", {"en": "odds ratio", "zh": "优势比"}, "number"),
        Column("odds_low", {"en": "odds ratio low", "zh": "优势比下限"}, "number"),
        Column("odds_high", {"en": "odds ratio high", "zh": "优势比上限"}, "number"),
        Column("low", {"en": "low", "zh": "下限"}, "signed", decimals=3),
        Column("high", {"en": "high", "zh": "上限"}, "signed", decimals=3),
        Column("reason", {"en": "remark", "zh": "备注"}, "text", MODEL_REASONS),
    )
}


@dataclass(frozen=True)
class WaldTest:
    """A joint test that several coefficients are 0, or the reason why there is none.

    Attributes
    ----------
    predictors : whose coefficients are tested
    f, df1, df2, p : Wald's F = b' V⁻¹ b / df1 and its degrees of freedom
    n : respondents used
    reason : why there is no test, empty where there is one

    >>> WaldTest(("tier",), 5.31, 2, 18.0, 0.0154, 240).sentence()
    'Wald F(2, 18) = 5.31, p = .015 (n = 240): that tier makes no difference is rejected at 5%.'
    """

    predictors: tuple[str, ...]
    f: float
    df1: int
    df2: float
    p: float
    n: int
    reason: Text = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """The null hypothesis, the test and its verdict in words."""
        zh = language == "zh"
        names = ("、" if zh else ", ").join(self.predictors)
        if self.reason:
            reason = say(self.reason, language)
            return f"未作联合检验（{names}）：{reason}。" if zh else f"No joint test of {names}: {reason}."
        shown = "< .001" if self.p < 0.0005 else f"= {self.p:.3f}".replace("0.", ".")
        df2 = f"{self.df2:.0f}" if self.df2 == round(self.df2) else f"{self.df2:.1f}"
        test = f"Wald F({self.df1}, {df2}) = {self.f:.2f}, p {shown}"
        rejected = self.p < 0.05
        if zh:
            return f"{test}（n = {self.n}）：在 5% 水平上{'拒绝' if rejected else '不能拒绝'}“{names}没有差别”。"
        make = "makes" if len(self.predictors) == 1 else "make"
        verdict = "is rejected" if rejected else "is not rejected"
        return f"{test} (n = {self.n}): that {names} {make} no difference {verdict} at 5%."


@dataclass(frozen=True, eq=False, repr=False)
class Regression(Result):
    """Coefficients with their errors: one row per term, the intercept first.

    Frame columns: ``term, coefficient, se, low, high, df, p, reason``; a logistic model has ``odds_ratio, odds_low,
    odds_high`` too, which are the exponentials of ``coefficient, low, high``.

    Attributes
    ----------
    kind, outcome : what was fitted
    terms : predictor -> its terms; one for a number, one per category but the base for categories
    bases : predictor -> the category that the others are compared with
    covariance : (k, k) of the coefficients
    n, n_dropped : respondents used, and left out because something was missing
    r_squared : share of the outcome's weighted variance that the fitted values have; nan for a logistic model
    """

    kind: Kind = "linear"
    outcome: str = ""
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)
    covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))
    n: int = 0
    n_dropped: int = 0
    r_squared: float = float("nan")
    lonely: tuple[str, ...] = ()
    level: float = 0.95
    interval: Interval = field(default_factory=Student)
    design: SampleDesign = field(default_factory=SampleDesign)

    def title(self) -> str:
        if self.language == "zh":
            return f"{'线性' if self.kind == 'linear' else 'logistic '}回归：{self.outcome}"
        return f"{self.kind.capitalize()} regression of {self.outcome}"

    def columns(self) -> tuple[Column, ...]:
        odds = ("odds_ratio", "odds_low", "odds_high")
        numbers = ("coefficient", "se", "low", "high", *odds, "df", "p", "reason")
        shown = {**NUMBER_COLUMNS, **_MODEL_COLUMNS}
        return (Column("term", {"en": "term", "zh": "项"}, "text", self._words()), *(shown[name] for name in numbers))

    def note(self) -> str:
        zh = self.language == "zh"
        parts = [
            f"n = {self.n:,}，剔除 {self.n_dropped:,} 行（有缺失）" if zh
            else f"n = {self.n:,}, {self.n_dropped:,} rows dropped for something missing",
            f"{100 * self.level:g}% 区间" if zh else f"{100 * self.level:g}% intervals",
            self._how(),
        ]  # fmt: skip
        if self.kind == "linear":
            parts.insert(1, f"加权 R² = {self.r_squared:.3f}" if zh else f"weighted R² = {self.r_squared:.3f}")
        if self.bases:
            listed = (f"{name} {say({'en': 'against', 'zh': '以'}, self.language)} {base}{' 为基准' if zh else ''}"
                      for name, base in self.bases.items())  # fmt: skip
            parts.append(("、" if zh else ", ").join(listed))
        if self.lonely:
            names = ("、" if zh else ", ").join(name or "全部" * zh or "all" for name in self.lonely)
            parts.append(f"仅含一个群的层：{names}" if zh else f"strata with a single cluster: {names}")
        cause = (
            "系数表示相伴的差异，不等于因果。" if zh else "Coefficients say what goes together, not what causes what."
        )
        return f"{'；'.join(parts)}。{cause}{self.design.sentence('zh')}" if zh else (
            f"{'; '.join(parts)}. {cause} {self.design.sentence()}")  # fmt: skip

    def test(self, *predictors: str) -> WaldTest:
        """Joint test that the coefficients of these predictors are all 0; of all predictors if none is named.

        With one categorical predictor in a linear model this asks whether the groups' means differ.
        """
        chosen = predictors or tuple(self.terms)
        unknown = [name for name in chosen if name not in self.terms]
        if unknown:
            raise SpecError(f"the model has no predictor {', '.join(unknown)}. It has: {', '.join(self.terms)}.")
        number = np.repeat(np.arange(len(self.terms)), [len(names) for names in self.terms.values()])
        rows = 1 + np.flatnonzero(
            np.isin(number, [list(self.terms).index(name) for name in chosen])
        )  # after the intercept
        return _wald(chosen, self.frame["coefficient"].to_numpy()[rows], self.covariance[np.ix_(rows, rows)],
                     float(self.frame["df"].to_numpy()[rows].min()), self.n)  # fmt: skip

    def sentence(self, term: str) -> str:
        """One coefficient in words."""
        found = self.frame[self.frame["term"] == term]
        if not len(found):
            raise SpecError(f"the model has no term {term!r}. It has: {', '.join(self.frame['term'])}.")
        row, name, zh = found.iloc[0], say(self._words()[term], self.language), self.language == "zh"
        logistic, others = self.kind == "logistic", len(self.terms) > 1
        value, low, high = (f"{row[key]:.2f}".replace("-", "−") for key in
                            (("odds_ratio", "odds_low", "odds_high") if logistic else ("coefficient", "low", "high")))  # fmt: skip
        percent, missing = f"{100 * self.level:g}%", np.isnan(row["low"])
        if zh:
            bounds = (
                f"无区间：{say(MODEL_REASONS[row['reason']], 'zh')}"
                if missing
                else f"{percent} 置信区间 {low} 至 {high}"
            )
            what = "优势比" if logistic else "系数"
            return f"{self.outcome}：{name}的{what}为 {value}（{bounds}，n = {self.n}）{'，其他预测变量保持不变' * others}。"
        bounds = (
            f"no interval: {say(MODEL_REASONS[row['reason']], 'en')}" if missing else f"{percent} CI {low} to {high}"
        )
        what = f"has an odds ratio of {value} for" if logistic else f"has a coefficient of {value} for"
        return f"{name} {what} {self.outcome} ({bounds}, n = {self.n}){', the other predictors held equal' * others}."

    def _how(self) -> str:
        if isinstance(self.interval, Student):
            if self.design.weight is None:
                return say({"en": "classical errors: respondents independent, one error variance", "zh": "经典标准误：受访者相互独立，误差方差相同"}, self.language)  # fmt: skip
            return say({"en": "errors of independent respondents, their variances free", "zh": "受访者相互独立的稳健标准误"}, self.language)  # fmt: skip
        zh = self.language == "zh"
        less = "，再减去预测项数" if zh else ", less one for each term"
        return self.interval.sentence(self.language) + less

    def _words(self) -> dict[str, Text]:
        words: dict[str, Text] = {INTERCEPT: {"en": "(intercept)", "zh": "（常数项）"}}
        for predictor, terms in self.terms.items():
            base = self.bases.get(predictor)
            for term in terms:
                category = term.removeprefix(f"{predictor}=")
                words[term] = {"en": term} if base is None else {
                    "en": f"{predictor}: {category} (against {base})", "zh": f"{predictor}：{category}（以 {base} 为基准）",
                }  # fmt: skip
        return words


def fit_linear(
    frame: pd.DataFrame,
    outcome: str,
    predictors: str | Sequence[str],
    design: SampleDesign | None = None,
    *,
    base: Mapping[str, Any] | None = None,
    interval: Interval | None = None,
    level: float = 0.95,
) -> Regression:
    """Linear regression of a number on predictors, with errors that know the sample design.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; rows with something missing are dropped and counted
    outcome : numeric column
    predictors : numeric columns as they are; texts, booleans and categories become one term per category but the base.
        Turn codes that are no numbers (1 = north, 2 = south) into categories first: ``frame["region"].astype("category")``
    design : SampleDesign, optional
    base : category that the others are compared with, by predictor; the first one if left out
    interval : Taylor(), Student(), Bootstrap() or Jackknife(); by default Taylor where a design is described, else Student
    level : confidence of the intervals

    Returns
    -------
    Regression
        A coefficient is the difference in the outcome that goes with one unit more of the predictor (or with this
        category instead of the base), the other predictors being equal.

    Raises
    ------
    DataError
        If a predictor does not vary or follows from the others exactly, naming all of them.

    Notes
    -----
    The coefficients solve ``sum_i w_i x_i (y_i - x_i b) = 0``. The influence of a respondent is ``(X'WX)⁻¹ x_i e_i``; its
    variance under the design is that of a total. Intervals use t with clusters - strata - (k - 1) degrees of freedom
    for k coefficients. Student() without weights gives the textbook errors ``s² (X'X)⁻¹`` with n - k; with weights it
    takes respondents as independent and lets their variances differ. Dropped rows are a domain: their clusters stay.

    References
    ----------
    Binder (1983), International Statistical Review 51, 279-292, doi:10.2307/1402588. Fuller (1975), Sankhya C 37,
    117-132. Checked against ``svyglm`` of R's ``survey`` 4.1 for six designs and against statsmodels' ``OLS``
    (tests/test_regression.py).

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame(
    ...     {
    ...         "store": list("aaabbbcccdddeee"),
    ...         "wait": [1, 2, 3, 2, 4, 6, 1, 5, 7, 2, 3, 8, 4, 4, 9],
    ...         "rating": [7, 6, 6, 6, 5, 4, 7, 5, 3, 7, 5, 2, 5, 4, 2],
    ...     }
    ... )
    >>> model = fit_linear(visits, "rating", "wait", SampleDesign(clusters="store"))
    >>> model.sentence("wait")
    'wait has a coefficient of −0.64 for rating (95% CI −0.77 to −0.52, n = 15).'
    >>> round(model.r_squared, 3)
    0.924
    """
    return _fit("linear", frame, outcome, predictors, design, base, interval, level)


def fit_logistic(
    frame: pd.DataFrame,
    outcome: str,
    predictors: str | Sequence[str],
    design: SampleDesign | None = None,
    *,
    base: Mapping[str, Any] | None = None,
    interval: Interval | None = None,
    level: float = 0.95,
) -> Regression:
    """Logistic regression of a yes/no outcome on predictors, with errors that know the sample design.

    Parameters
    ----------
    outcome : column of 0 and 1, or of booleans
    frame, predictors, design, base, level : as in :func:`fit_linear`
    interval : Taylor() or Student(); replicates are refused, since each would be fitted anew from the rows

    Returns
    -------
    Regression
        An odds ratio of 1.5 means: one unit more of the predictor goes with odds of a yes half as large again, the
        other predictors being equal. Odds are not shares: from 50% odds times 1.5 lead to 60%, from 90% to 93%.

    Raises
    ------
    DataError
        If the predictors tell all yes from all no in some part of the data (separation): the odds ratio has no finite
        estimate. The terms that do so are named.

    Notes
    -----
    The coefficients solve ``sum_i w_i x_i (y_i - p_i) = 0`` with ``logit p_i = x_i b``, by Newton's method. The influence
    of a respondent is ``(X'WVX)⁻¹ x_i (y_i - p_i)`` with V the diagonal of ``p_i (1 - p_i)``. Degrees of freedom are those
    of :func:`fit_linear`.

    References
    ----------
    Binder (1983), International Statistical Review 51, 279-292, doi:10.2307/1402588. Albert and Anderson (1984),
    Biometrika 71, 1-10, doi:10.1093/biomet/71.1.1 (separation). Checked against ``svyglm(family = quasibinomial())`` of
    R's ``survey`` 4.1 for six designs and against statsmodels' ``Logit`` (tests/test_regression.py).

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame(
    ...     {
    ...         "wait": [1, 2, 3, 2, 4, 6, 1, 5, 7, 2, 3, 8, 4, 4, 9],
    ...         "returns": [1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0],
    ...     }
    ... )
    >>> model = fit_logistic(visits, "returns", "wait")
    >>> model.sentence("wait")
    'wait has an odds ratio of 0.43 for returns (95% CI 0.17 to 1.11, n = 15).'
    """
    return _fit("logistic", frame, outcome, predictors, design, base, interval, level)


def _fit(
    kind: Kind,
    frame: pd.DataFrame,
    outcome: str,
    predictors: str | Sequence[str],
    design: SampleDesign | None,
    base: Mapping[str, Any] | None,
    interval: Interval | None,
    level: float,
) -> Regression:
    check_between("level", level, 0, 1)
    names = (predictors,) if isinstance(predictors, str) else tuple(predictors)
    design = design or SampleDesign()
    chosen = choose_interval(design, interval)
    if kind == "logistic" and isinstance(chosen, Bootstrap | Jackknife):
        raise SpecError(
            "a logistic regression takes Taylor() or Student(): replicates would fit it anew from the rows."
        )
    _check_arguments(frame, outcome, names, base or {})
    check_drawn(frame, design)
    rows = _Rows.of(kind, frame, outcome, names, design, base or {})
    scaled = rows.scaled()
    solution, fitted = _solve_linear(scaled) if kind == "linear" else _solve_logistic(scaled, rows.columns)
    spread, remark = _spread(kind, rows, scaled, fitted, chosen)
    table = _table(kind, rows.columns, scaled.back @ solution, spread, level, remark)
    return Regression(
        table, "en", kind, outcome, rows.terms, rows.bases, spread.covariance, rows.n, len(frame) - rows.n,
        _r_squared(scaled, fitted) if kind == "linear" else float("nan"), spread.lonely, level, chosen, design,
    )  # fmt: skip


def _check_arguments(frame: pd.DataFrame, outcome: str, predictors: Sequence[str], base: Mapping[str, Any]) -> None:
    check_columns([outcome, *predictors], frame.columns, "the data")
    if not predictors:
        raise SpecError("predictors is empty. Name at least one column; for a mean alone use estimate().")
    twice = sorted({name for name in predictors if predictors.count(name) > 1})
    if twice or outcome in predictors:
        raise SpecError(
            f"{', '.join(twice or [outcome])} is named twice. Outcome and predictors must be different columns."
        )
    if set(base) - set(predictors):
        raise SpecError(f"base names {', '.join(sorted(set(base) - set(predictors)))}, which is no predictor.")


# --- from a frame to arrays --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a model.

    Attributes
    ----------
    columns : names of the k columns of x, the intercept first
    x, y, weight : (n, k), (n,), (n,) the complete rows
    used : (all rows,) True where nothing is missing
    cells, all_weights, margins : cells, weights and margins of all rows
    terms, bases : as in :class:`Regression`
    """

    columns: tuple[str, ...]
    x: Array
    y: Array
    weight: Array
    used: Array
    cells: Cells
    all_weights: Array | None
    terms: dict[str, tuple[str, ...]]
    bases: dict[str, str]
    margins: Array | None = None

    @classmethod
    def of(
        cls,
        kind: Kind,
        frame: pd.DataFrame,
        outcome: str,
        predictors: Sequence[str],
        design: SampleDesign,
        base: Mapping[str, Any],
    ) -> _Rows:
        answer = _outcome(kind, frame[outcome])
        used = ~np.isnan(answer) & frame[list(predictors)].notna().all(axis=1).to_numpy()
        if not used.any():
            raise DataError(
                f"no row has {outcome!r} and all predictors. Leave out the predictors that are missing most."
            )
        blocks: list[Array] = [np.ones((used.sum(), 1))]
        terms, bases = {}, {}
        for name in predictors:
            block, names, against = _coded(frame[name][used], base.get(name))
            blocks.append(block)
            terms[name] = names
            if against is not None:
                bases[name] = against
        columns = (INTERCEPT, *(term for names in terms.values() for term in names))
        _refuse_ambiguous(terms)
        x, weights = np.concatenate(blocks, axis=1), row_weights(frame, design)
        _refuse_dependent(x, columns)
        weight = np.ones(len(x)) if weights is None else weights[used]
        margins = margin_rows(frame, design)
        return cls(columns, x, answer[used], weight, used, Cells.of(frame, design), weights, terms, bases, margins)

    @property
    def n(self) -> int:
        return len(self.x)

    def scaled(self) -> _Scaled:
        """The same rows with every column but the first about its mean, in standard deviations."""
        centre = np.average(self.x, axis=0, weights=self.weight)
        scale = np.sqrt(np.average((self.x - centre) ** 2, axis=0, weights=self.weight))
        centre[0], scale[0] = 0.0, 1.0
        back = np.diag(1 / scale)
        back[0, 1:] = -centre[1:] / scale[1:]
        return _Scaled((self.x - centre) / scale, self.y, self.weight, back)


@dataclass(frozen=True, eq=False)
class _Scaled:
    """Rows in units in which a solution is well conditioned; ``back`` turns its coefficients into those of the data."""

    x: Array
    y: Array
    weight: Array
    back: Array


def _outcome(kind: Kind, column: pd.Series) -> Array:
    """(n,) the outcome as numbers; 0 and 1 for a logistic model."""
    column = _as_numbers(column)
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise DataError(f"outcome {column.name!r} is not numeric. Turn its values into numbers first.")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    allowed = np.isin(values, (0.0, 1.0)) if kind == "logistic" else np.isfinite(values)
    bad = ~(allowed | np.isnan(values))
    if bad.any():
        cases = pd.DataFrame({"row": column.index[bad], "column": column.name, "value": values[bad]})
        wanted = "0 or 1" if kind == "logistic" else "finite"
        listed = ", ".join(f"{value:g}" for value in dict.fromkeys(values[bad][:5]))
        raise DataError(f"outcome {column.name!r}: {bad.sum()} values are not {wanted} ({listed}). Recode them.", cases)
    return values


def _as_numbers(column: pd.Series) -> pd.Series:
    """Numbers that gaps made a column of objects, as floats; other columns as they are."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    held = column.dtype == object and kind in ("integer", "floating", "mixed-integer-float")
    return column.astype(float) if held else column


def _coded(column: pd.Series, base: Any) -> tuple[Array, tuple[str, ...], str | None]:
    """(n, terms) columns of one predictor, their names, and the base where it is categorical."""
    name, column = str(column.name), _as_numbers(column)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        if base is not None:
            raise SpecError(f"base of {name!r}: the column is numeric. Turn it into categories to compare them.")
        values = column.to_numpy(dtype=float)
        if np.isinf(values).any():
            cases = pd.DataFrame({"row": column.index[np.isinf(values)], "column": name, "problem": "infinite"})
            listed = ", ".join(map(str, cases["row"].head(5)))
            raise DataError(f"predictor {name!r} is infinite in {len(cases)} rows ({listed}). Correct them.", cases)
        return values[:, None], (name,), None
    ordered = isinstance(column.dtype, pd.CategoricalDtype)
    categories = (
        [c for c in column.cat.categories if (column == c).any()] if ordered else sorted(column.unique(), key=str)
    )
    _refuse_alike(name, categories)
    against = categories[0] if base is None else base
    if against not in categories:
        raise SpecError(f"base of {name!r}: {base!r} does not occur. Choose one of {', '.join(map(str, categories))}.")
    others = [category for category in categories if category != against]
    if not others:
        raise DataError(f"predictor {name!r} does not vary: it is {against} in every row used. Leave it out.")
    block = np.stack([(column == category).to_numpy(dtype=float) for category in others], axis=1)
    return block, tuple(f"{name}={category}" for category in others), str(against)


def _refuse_alike(name: str, categories: Sequence[Any]) -> None:
    """Raise where two categories are written alike, as the number 1 and the text "1" are."""
    written = [str(category) for category in categories]
    alike = [repr(each) for each, word in zip(categories, written, strict=True) if written.count(word) > 1]
    if alike:
        raise SpecError(
            f"predictor {name!r}: the categories {', '.join(alike)} are different values written alike, so their terms would "
            f"have one name. Make them one: frame[{name!r}].astype(str)."
        )


def _refuse_ambiguous(terms: Mapping[str, Sequence[str]]) -> None:
    """Raise where two terms would bear one name: nobody could tell whose coefficient is whose."""
    owners: dict[str, list[str]] = {INTERCEPT: ["the intercept"]}
    for predictor, names in terms.items():
        for name in names:
            owners.setdefault(name, []).append(repr(predictor))
    shared = {name: whose for name, whose in owners.items() if len(whose) > 1}
    if shared:
        listed = "; ".join(f"{name!r} from {' and '.join(whose)}" for name, whose in shared.items())
        raise SpecError(f"terms of the same name: {listed}. Rename one of the columns.")


def _refuse_dependent(x: Array, columns: Sequence[str]) -> None:
    """Raise where a column does not vary, or follows exactly from the columns before it."""
    centred = x[:, 1:] - x[:, 1:].mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    flat = size <= _DEPENDENT * np.maximum(np.abs(x[:, 1:]).max(axis=0), 1) * np.sqrt(len(x))
    if flat.any():
        listed = ", ".join(np.array(columns[1:])[flat])
        raise DataError(f"{listed}: does not vary among the {len(x)} complete rows. Leave it out.")
    left = np.abs(np.diagonal(np.linalg.qr(centred / size, mode="r")))
    tied = np.r_[left < _DEPENDENT, np.ones(x.shape[1] - 1 - len(left), dtype=bool)]
    if tied.any():
        listed = ", ".join(np.array(columns[1:])[tied])
        raise DataError(
            f"{listed}: follows exactly from the other predictors, so no coefficient can be told apart. Leave it out."
        )


# --- estimating equations ----------------------------------------------------------------------------------


def _solve_linear(rows: _Scaled) -> tuple[Array, Array]:
    """(k,) coefficients and (n,) fitted values of weighted least squares."""
    root = np.sqrt(rows.weight / rows.weight.mean())
    solution = np.linalg.lstsq(rows.x * root[:, None], rows.y * root, rcond=None)[0]
    return solution, rows.x @ solution


def _solve_logistic(rows: _Scaled, columns: Sequence[str]) -> tuple[Array, Array]:
    """(k,) coefficients and (n,) fitted probabilities, by Newton's method with halved steps where one overshoots."""
    from scipy.special import expit

    if rows.y.min() == rows.y.max():
        raise DataError(f"the outcome is {rows.y[0]:g} in all {len(rows.y)} complete rows: nothing can be explained.")
    weight = rows.weight / rows.weight.mean()
    solution, gain = np.zeros(rows.x.shape[1]), _log_likelihood(rows, weight, np.zeros(rows.x.shape[1]))
    for _ in range(_MOST_STEPS):
        fitted = expit(rows.x @ solution)
        if min(fitted.min(), (1 - fitted).min()) < _CERTAIN:
            _refuse_separation(rows, columns)
        slope = rows.x.T @ (weight * (rows.y - fitted))
        bend = (rows.x.T * (weight * fitted * (1 - fitted))) @ rows.x
        step = np.linalg.solve(bend, slope)
        while _log_likelihood(rows, weight, solution + step) < gain - 1e-9 * abs(gain):
            step = step / 2
        solution = solution + step
        gain = _log_likelihood(rows, weight, solution)
        if np.abs(step).max() < 1e-10 * (1 + np.abs(solution).max()):
            return solution, expit(rows.x @ solution)
    raise DataError(f"no solution was found in {_MOST_STEPS} steps. Leave out predictors, or merge rare categories.")


def _log_likelihood(rows: _Scaled, weight: Array, solution: Array) -> float:
    linear = rows.x @ solution
    return float(weight @ (rows.y * linear - np.logaddexp(0, linear)))


def _refuse_separation(rows: _Scaled, columns: Sequence[str]) -> None:
    """Raise if some combination of the predictors never contradicts the outcome and sometimes tells it."""
    signed = np.unique(rows.x * (2 * rows.y - 1)[:, None], axis=0)
    if not _separates(signed):
        return
    needed = [j for j in range(1, len(columns)) if not _separates(np.delete(signed, j, axis=1))]
    guilty = [columns[j] for j in needed or range(1, len(columns))]
    raise DataError(
        f"{', '.join(guilty)}: tells yes from no without a contradiction in part of the data (separation), so no finite "
        "odds ratio fits. Merge categories, or leave it out and report the table."
    )


def _separates(signed: Array) -> bool:
    """True if a direction agrees with every row, and with some more than not at all: Konis's linear programme."""
    from scipy.optimize import linprog

    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    return bool(found.status == 0 and -found.fun > 1e-6)


def _r_squared(rows: _Scaled, fitted: Array) -> float:
    centre = np.average(rows.y, weights=rows.weight)
    whole = rows.weight @ (rows.y - centre) ** 2
    return float(1 - rows.weight @ (rows.y - fitted) ** 2 / whole) if whole > 0 else float("nan")


# --- errors ------------------------------------------------------------------------------------------------


def _spread(kind: Kind, rows: _Rows, scaled: _Scaled, fitted: Array, interval: Interval) -> tuple[Spread, str]:
    """Covariance of the coefficients, its degrees of freedom and a remark."""
    k, left = len(rows.columns), _rounded(scaled.y - fitted, scaled.y)
    bend = scaled.weight * (np.ones(rows.n) if kind == "linear" else fitted * (1 - fitted))
    inverse = np.linalg.inv((scaled.x.T * bend) @ scaled.x)
    if isinstance(interval, Student) and rows.all_weights is None:
        error = float((left**2).sum()) / max(rows.n - k, 1) if kind == "linear" else 1.0
        covariance = scaled.back @ inverse @ scaled.back.T * error
        return Spread(covariance, np.full(k, float(max(rows.n - k, 0)))), ""
    influence = (scaled.x * left[:, None]) @ inverse @ scaled.back.T
    moments, term = _summed(rows, influence)
    if within_one_cluster(moments, [()]):
        spread, remark = inside_one_cluster(moments, [term]), "one cluster"
    else:
        spread, remark = interval.spread(moments, [term], _again(rows, scaled)), ""
    return replace(spread, df=np.maximum(spread.df - (k - 1), 0)), remark


def _rounded(left: Array, y: Array) -> Array:
    """Zeros where nothing but rounding is left of an outcome."""
    return left if np.abs(left).max() > _ROUNDING * np.abs(y).max() else np.zeros_like(left)


def _summed(rows: _Rows, influence: Array) -> tuple[Moments, Term]:
    """Moments of the rows' influence, and the term that adds it up; dropped rows have none."""
    k = influence.shape[1]
    names = tuple(f"influence {j}" for j in range(k))
    every = np.full((len(rows.used), k), np.nan)
    every[rows.used] = influence
    score_map = ScoreMap(names, names, np.eye(k, dtype=np.int64), np.ones(k), ("all",) * k, np.zeros(k))
    scores = pd.DataFrame(every, columns=list(names))
    moments = Moments.from_cells(scores, score_map, rows.cells, rows.all_weights, rows.margins)
    coefficients = np.concatenate([np.zeros((k, 2)), np.eye(k)], axis=1)
    return moments, Term((), coefficients, np.ones((k, 1), dtype=int))


def _again(rows: _Rows, scaled: _Scaled) -> Again:
    """What replicates need to solve the linear equations again."""
    k = scaled.x.shape[1]
    names = tuple(f"column {j}" for j in range(k))
    every = np.full((len(rows.used), k), np.nan)
    every[rows.used] = np.column_stack([scaled.x[:, 1:], scaled.y])
    score_map = ScoreMap(names, names, np.eye(k, dtype=np.int64), np.ones(k), ("all",) * k, np.zeros(k))
    moments = Moments.from_cells(pd.DataFrame(every, columns=list(names)), score_map, rows.cells, rows.all_weights)

    def values(sums: Any) -> Array:
        gram = sums(())[:, 1:, 1:]
        solvable = np.linalg.eigvalsh(gram[:, :k, :k])[:, 0] > _DEPENDENT * gram[:, 0, 0]
        out = np.full((len(gram), k), np.nan)
        out[solvable] = np.linalg.solve(gram[solvable, :k, :k], gram[solvable, :k, k:])[..., 0] @ scaled.back.T
        return out

    return Again(moments, every, rows.cells.code, rows.all_weights, True, values)


def _table(kind: Kind, columns: Sequence[str], value: Array, spread: Spread, level: float, remark: str) -> pd.DataFrame:
    se = np.where(spread.df > 0, spread.se, np.nan)
    low, high = spread.bounds(value, level)
    reason = np.where(spread.df > 0, remark, "no df")
    reason = np.where((spread.df > 0) & np.isnan(se), "empty replicates", reason)
    reason = np.where((spread.df > 0) & (se == 0), "no variation", reason)
    odds = {"odds_ratio": value, "odds_low": low, "odds_high": high} if kind == "logistic" else {}
    with np.errstate(over="ignore"):
        odds = {name: np.exp(number) for name, number in odds.items()}
    return pd.DataFrame({
        "term": columns, "coefficient": value, "se": se, "low": low, "high": high, **odds, "df": spread.df,
        "p": t_pvalue(value, se, spread.df), "reason": reason,
    })  # fmt: skip


def _wald(predictors: tuple[str, ...], value: Array, covariance: Array, df: float, n: int) -> WaldTest:
    """Wald's F that all values are 0, with df denominator degrees of freedom (R's ``regTermTest``)."""
    from scipy.special import fdtrc

    k, nan = len(value), float("nan")
    few = {"en": "no degrees of freedom are left", "zh": "没有剩余的自由度"}
    tied = {"en": f"{k} coefficients do not vary independently, there are too few clusters for them",
            "zh": f"群数过少，{k} 个系数并非独立变化"}  # fmt: skip
    flat = {"en": "nothing is left to vary: the fit is perfect", "zh": "完全拟合，无剩余变异"}
    if not df > 0:
        return WaldTest(predictors, nan, k, df, nan, n, few)
    if not covariance.any():
        return WaldTest(predictors, nan, k, df, nan, n, flat)
    if not np.isfinite(covariance).all() or _rank(covariance) < k:
        return WaldTest(predictors, nan, k, df, nan, n, tied)
    f = float(value @ np.linalg.solve(covariance, value)) / k
    return WaldTest(predictors, f, k, df, float(fdtrc(k, df, f)), n)


def _rank(covariance: Array) -> int:
    """Rank of a covariance, whatever the units of its rows."""
    size = np.sqrt(np.clip(np.diagonal(covariance), 0, None))
    if not size.all():
        return 0
    return int(np.linalg.matrix_rank(covariance / np.outer(size, size), hermitian=True, tol=1e-10))
