"""Does the scale have the structure that it was made with? A model fitted, judged, and refused where it can't be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.discriminant import (
    average_variance,
    composite_reliability,
    composite_reliability_slopes,
    htmt,
    htmt_slopes,
    logit_interval,
    normal_error,
    on_covariances,
)
from servqual.cfa.estimated import EstimatedMatrix, estimated_matrix
from servqual.cfa.fit import Matrices, Sample, Solution, count_moments, fit_ml
from servqual.cfa.incomplete import (
    IncompleteSolution,
    fit_incomplete,
    incomplete_errors,
    incomplete_indices,
    without_robust,
)
from servqual.cfa.indices import FitIndices, derived_indices, fit_indices, scaled_indices, srmr
from servqual.cfa.model import ParameterTable, ScaleBy, plan_model
from servqual.cfa.ordered import correlation_errors, fit_dwls, robust_dwls
from servqual.cfa.results import Estimator, FactorModel
from servqual.cfa.robust import Rows, robust_ml, row_errors
from servqual.cfa.rows import complete_rows, rows_of_items, with_mean_weight_one
from servqual.cfa.scaling import Plan, fit_in_any_units, values_at
from servqual.cfa.standardised import Standardised, standardise
from servqual.cfa.start import start_values
from servqual.correlations import ItemMatrix, Of, item_matrix, polychoric_gamma
from servqual.moments import one_blas_thread
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Text, say, spaced

Array = NDArray[Any]
Missing = Literal["listwise", "pairwise", "fiml"]

_SAME = 1 - 1e-10  # correlation from which two items are one
_SINGULAR = 1e-10  # share of an information matrix' scale under which nothing is known
_FLAT = 1e-8
_MOST_NAMED = 6


class NotIdentified(SpecError):
    """The model asks for more than these covariances can say."""


class NotConverged(DataError):
    """No best fit was found."""


def confirm_factors(
    responses: Responses | ItemMatrix,
    *,
    of: Of = "perception",
    model: Mapping[str, Sequence[str]] | None = None,
    estimator: Estimator | None = None,
    missing: Missing = "listwise",
    scale_by: ScaleBy = "marker",
    second_order: str | None = None,
    method_factors: Mapping[str, Sequence[str]] | None = None,
    residual_covariances: Iterable[tuple[str, str]] = (),
    uncorrelated: bool = False,
    level: float = 0.95,
) -> FactorModel:
    """A confirmatory factor model: does each item belong to its dimension alone, and are the dimensions distinct?

    ``Sigma = L Phi L' + Theta``: items covary only through the factors. The likelihood of the covariances S is made as large
    as possible, ``F = log|Sigma| - log|S| + tr(S Sigma^-1) - p`` as small, and ``chi2 = n F`` tests the model.

    Parameters
    ----------
    responses : Responses, or an ItemMatrix such as a correlation matrix printed in a paper with its n
    of : "perception", "expectation" or "gap"
    model : factor -> its items; the instrument's dimensions if not given. Items of no factor are left out
    estimator : "ml"; "mlr" and "mlm" (robust to answers that are not normal; "mlr" also takes weights and clusters);
        "wlsmv" for ordered answers. "ml" if not given, "mlr" where the sample has weights or clusters
    missing : "listwise"; "fiml" (ml and mlr): every answer counts, also of respondents who skipped some items, under answers
        missing at random; or "pairwise" (ml only, with the smallest n of a pair)
    scale_by : "marker" (the first loading is 1) or "variance" (each factor's variance is 1); fit and standardised loadings
        do not depend on it. Where a marker leads nowhere, other units are tried, and the note says which were taken
    second_order : name of a general factor behind the factors
    method_factors : such as ``{"negative wording": [items]}``, uncorrelated with all other factors
    residual_covariances : pairs of items that share something beside the factors
    uncorrelated : hold the factors uncorrelated
    level : of the intervals

    Returns
    -------
    FactorModel
        ``problems`` says what forbids its use, with the cause: negative variances (Heywood cases), factors that can't be told
        apart.

    Raises
    ------
    NotIdentified
        The model can't be estimated from any number of answers: too few items, or numbers that only occur together.
    NotConverged
        No best fit was found.
    DataError
        The covariances are not positive definite: as many items as respondents, items that repeat each other.

    Notes
    -----
    Conventions are lavaan's: n and not n - 1. Agrees with lavaan 0.6-14 on the data of Holzinger and Swineford, the ECSI mobile
    phone data, a bank's and a kiosk's (chi-square, errors, standardised solution, robust versions; tests/test_cfa.py), and with
    answers missing (tests/test_cfa_incomplete.py).

    With "fiml" each respondent counts with the answers there are: ``log L = sum over rows of log normal(x_i; mu_i, Sigma_i)``,
    mu_i and Sigma_i the part of the items answered. Chi-square compares with the most likely means and covariances (EM); errors
    are from the observed information, those of "mlr" from the sandwich. Listwise estimates are biased where who skips an item
    depends on other answers; these are not. Information criteria count an intercept for each item, and SRMR counts means.

    References
    ----------
    Jöreskog (1969), Psychometrika 34, 183-202, doi:10.1007/BF02289343. Bollen (1989), Structural Equations with Latent
    Variables, Wiley, doi:10.1002/9781118619179. Rosseel (2012), Journal of Statistical Software 48(2),
    doi:10.18637/jss.v048.i02. Enders and Bandalos (2001), Structural Equation Modeling 8, 430-457,
    doi:10.1207/S15328007SEM0803_5 ("fiml").

    Examples
    --------
    >>> loading = np.array([0.8, 0.7, 0.6, 0.8, 0.7, 0.6])
    >>> phi = np.kron([[1, 0.4], [0.4, 1]], np.ones((3, 3)))
    >>> r = np.outer(loading, loading) * phi
    >>> np.fill_diagonal(r, 1)
    >>> matrix = ItemMatrix.from_matrix(r, 300, [f"x{i}" for i in range(6)], dimensions=["a"] * 3 + ["b"] * 3)
    >>> found = confirm_factors(matrix)
    >>> found.to_frame()["standardised"].round(3).tolist(), round(found.indices.chi2, 6)
    ([0.8, 0.7, 0.6, 0.8, 0.7, 0.6], 0.0)
    """
    if estimator is not None:
        check_choice("estimator", estimator, Estimator)
    check_choice("missing", missing, Missing)
    check_between("level", level, 0, 1)
    if model is not None and not model:
        raise SpecError("The model names no factor. Give model={'factor': ['item', ...]}, or items with dimensions.")
    how = estimator or _default_estimator(responses, of)
    _check_combination(responses, how, missing)
    with one_blas_thread():
        matrix = _asked(responses, of, model, missing, how)
        groups = dict(model) if model is not None else groups_of(matrix)
        plan = partial(
            plan_model, groups, matrix.names, second_order=second_order, method_factors=method_factors,
            residual_covariances=tuple(residual_covariances), uncorrelated=uncorrelated, ordered=how == "wlsmv",
        )  # fmt: skip
        table = plan(scale_by=scale_by)
        check_matrix(matrix)
        check_counts(table, groups)
        return _fitted(responses, matrix, plan, scale_by, groups, how, level)


def _default_estimator(responses: Responses | ItemMatrix, of: Of) -> Estimator:
    """Robust errors where respondents do not count equally or come in clusters."""
    if isinstance(responses, ItemMatrix):
        return "wlsmv" if responses.kind == "polychoric" else "ml"
    return "mlr" if any(side.design.weight or side.design.stages for side in responses.sides) else "ml"


def _check_combination(responses: Responses | ItemMatrix, how: Estimator, missing: Missing) -> None:
    if isinstance(responses, ItemMatrix):
        if how != "ml":
            raise SpecError(f"estimator={how!r} needs the answers themselves, not only their covariances. Give Responses, or "
                            "estimator='ml'.")  # fmt: skip
        if responses.kind == "polychoric":
            raise SpecError("estimator='ml' on polychoric correlations has neither a chi-square nor standard errors that hold. Give "
                            "Responses and estimator='wlsmv'.")  # fmt: skip
        if missing == "fiml":
            raise SpecError("missing='fiml' needs the answers themselves, not only their covariances. Give Responses.")
    if missing == "fiml" and how not in ("ml", "mlr"):
        raise SpecError(
            f"missing='fiml' is maximum likelihood of answers taken as numbers; estimator={how!r} is not. Take estimator='mlr' "
            "(robust) or 'ml', or missing='listwise'."
        )
    if how in ("mlr", "mlm") and missing == "pairwise":
        raise SpecError(f"estimator={how!r} needs the answers of respondents, not of pairs: take missing='listwise'"
                        + (", or missing='fiml'." if how == "mlr" else "."))  # fmt: skip


def _asked(responses: Responses | ItemMatrix, of: Of, model: Any, missing: Missing, how: Estimator) -> ItemMatrix:
    """The matrix of the items that the model names, in the instrument's order."""
    kind = "polychoric" if how == "wlsmv" else "pearson"
    named = None if model is None else {item for group in model.values() for item in group}
    if isinstance(responses, ItemMatrix):
        every = responses.names
    else:
        every = tuple(item.id for item in responses.instrument.items)
    unknown = [] if named is None else [item for item in named if item not in every]
    if unknown:
        raise SpecError(
            f"The model names items that the data lack: {', '.join(sorted(unknown))}. They have: {', '.join(every)}."
        )
    chosen = None if named is None else [item for item in every if item in named]
    if missing == "fiml" and not isinstance(responses, ItemMatrix):
        return estimated_matrix(responses, of, chosen)
    return item_matrix(responses, of=of, missing=missing, kind=kind, items=chosen)  # type: ignore[arg-type]


def groups_of(matrix: ItemMatrix) -> dict[str, list[str]]:
    """The items of each dimension."""
    lone = [name for name, dimension in zip(matrix.names, matrix.dimensions, strict=True) if not dimension]
    if lone:
        raise SpecError(
            f"Items without a dimension: {', '.join(lone)}. Say with model={{'factor': [items]}} what they belong to."
        )
    return {dimension: [name for name, own in zip(matrix.names, matrix.dimensions, strict=True) if own == dimension]
            for dimension in matrix.dimension_ids}  # fmt: skip


# --- what can't be fitted ----------------------------------------------------------------------------------


def check_matrix(matrix: ItemMatrix) -> None:
    """Refuse a covariance matrix that no likelihood can be computed from, with its cause."""
    if matrix.positive_definite and matrix.n > matrix.k:
        return
    r = np.abs(np.tril(matrix.correlation, -1))
    twins = [
        (matrix.names[i], matrix.names[j], "repeat each other") for i, j in zip(*np.nonzero(r >= _SAME), strict=True)
    ]
    cases = pd.DataFrame(twins, columns=["row", "column", "problem"])
    if matrix.n <= matrix.k:
        cause = f"{matrix.n:,} respondents answered {matrix.k} items; there must be more respondents than items"
    elif twins:
        pairs = "; ".join(f"{a} and {b}" for a, b, _ in twins[:_MOST_NAMED])
        cause = f"items correlate perfectly ({pairs}): leave one of each pair out"
    elif matrix.missing == "pairwise":
        cause = "pairs were computed over different people: use missing='listwise'"
    else:
        cause = "some sum of items has no variance: leave out items that follow from others"
    raise DataError(
        f"No factor model can be fitted: the covariances are not positive definite, because {cause}.", cases
    )


def check_counts(table: ParameterTable, groups: Mapping[str, Sequence[str]]) -> None:
    """Refuse models whose parameters outnumber the covariances, and factors that a single item measures."""
    lone = [name for name, items in groups.items() if len(items) == 1]
    if lone:
        raise NotIdentified(
            f"Not identified: {', '.join(map(repr, lone))} has one item, whose error can't be told from the factor. Give it more "
            "items (three or more stand alone), or leave it out of the model."
        )
    p = len(table.items)
    given = count_moments(table, [Sample(np.eye(p), 1.0)])
    if table.n_free > given:
        raise NotIdentified(
            f"Not identified: {table.n_free} free parameters for {given} variances and covariances of {p} items. Free less, or "
            "give more items; a lone factor needs three."
        )


def check_identified(solution: Solution) -> None:
    """Refuse a solution whose parameters the data do not tell apart, naming them."""
    scale = np.sqrt(np.maximum(solution.information.diagonal(), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(solution.information / np.outer(scale, scale))
    if values[0] > _SINGULAR:
        return
    weights = np.abs(vectors[:, 0])
    free = solution.table.free.tolist()
    chosen = [int(k) for k in np.argsort(-weights)[:_MOST_NAMED] if weights[k] > 0.1]
    names = ", ".join(solution.table.name(free.index(k)) for k in chosen)
    unknown = sum(sample.unknown for sample in solution.samples)
    beside = f"Nobody answered both items of {unknown} pair{'s' * (unknown > 1)} of items. " if unknown else ""
    raise NotIdentified(
        f"Not identified: these can't be told apart from the data: {names}. {beside}A factor with two items needs correlations with "
        "other factors; a method factor needs items of several factors. Fix some of them, or give more items."
    )


def check_converged(solution: Solution) -> None:
    """Refuse a solution that is none."""
    if solution.converged:
        return
    values = solution.theta
    free = solution.table.free.tolist()
    worst = int(np.argmax(np.abs(values)))
    raise NotConverged(
        f"Not converged after {solution.steps} steps: no best fit was found ({solution.table.name(free.index(worst))} went to "
        f"{values[worst]:.3g}). The model asks for what these answers do not hold, such as a factor whose items hardly correlate or "
        "a method factor beside strong factors. Simplify it, or look at explore_factors() first."
    )


# --- what was fitted ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Estimates:
    """A solution, its fit, the estimates' covariance, and errors of functions of the items' covariances (``d f = tr(D dS)``)."""

    solution: Solution
    indices: FitIndices
    covariance: Array
    errors: Callable[[list[Array]], Array]
    remarks: tuple[Text, ...] = ()


def _fitted(
    responses: Responses | ItemMatrix, matrix: ItemMatrix, plan: Plan, scale_by: ScaleBy,
    groups: Mapping[str, Sequence[str]], how: Estimator, level: float,
) -> FactorModel:  # fmt: skip
    found = _estimates(responses, matrix, plan, scale_by, how)
    solution, covariance = found.solution, found.covariance
    standard = standardise(solution)
    return FactorModel(
        _loading_table(solution, standard, covariance, level), matrix.language, indices=found.indices,
        problems=improper(solution, standard, matrix.words), remarks=(*found.remarks, *_remarks(responses, matrix, how)), matrix=matrix,
        estimator=how, level=level, solution=solution, covariance=covariance, standard=standard,
        convergent=_convergent(solution, standard, covariance, groups, level),
        pairs=_pairs(matrix, found, standard, groups, level),
    )  # fmt: skip


def _estimates(
    responses: Responses | ItemMatrix, matrix: ItemMatrix, plan: Plan, scale_by: ScaleBy, how: Estimator
) -> _Estimates:
    if isinstance(matrix, EstimatedMatrix):
        return _incomplete_estimates(responses, matrix, plan, scale_by, how)
    if how == "wlsmv":
        return _ordered_estimates(responses, matrix, plan, scale_by)
    sample = Sample(matrix.covariance * (matrix.n - 1) / matrix.n, matrix.n)

    def fit(table: ParameterTable, start: Matrices | None) -> Solution:
        return fit_ml(table, [sample], start_values(table, [sample]) if start is None else values_at(table, start))

    solution, said = _sound(fit_in_any_units(plan, scale_by, fit))
    if how == "ml":
        by_normal = partial(_normal_errors, sample)
        return _Estimates(solution, fit_indices(solution), solution.covariance, by_normal, said)
    parts = _parts(responses, matrix)
    robust = robust_ml(solution, [parts], how)
    indices = scaled_indices(solution, robust, stretched=how == "mlm")
    return _Estimates(solution, indices, robust.covariance, lambda slopes: row_errors(slopes, sample, parts), said)


def _sound(found: tuple[Solution, tuple[Text, ...]]) -> tuple[Solution, tuple[Text, ...]]:
    check_converged(found[0])
    check_identified(found[0])
    return found


def _normal_errors(sample: Sample, slopes: list[Array]) -> Array:
    return np.array([normal_error(each, sample.covariance, sample.n) for each in slopes])


def _parts(responses: Responses | ItemMatrix, matrix: ItemMatrix) -> list[Rows]:
    if isinstance(responses, ItemMatrix):
        raise SpecError("Robust errors need the answers themselves: give Responses.")
    return with_mean_weight_one(list(complete_rows(responses, matrix)))


def _incomplete_estimates(
    responses: Responses | ItemMatrix, matrix: EstimatedMatrix, plan: Plan, scale_by: ScaleBy, how: Estimator
) -> _Estimates:
    """Full information: a robust version reads the rows once more."""

    def fit(table: ParameterTable, start: Matrices | None) -> IncompleteSolution:
        return fit_incomplete(table, matrix.patterns, start=start, saturated=matrix.saturated)

    solution, said = _sound(fit_in_any_units(plan, scale_by, fit))
    if not isinstance(solution, IncompleteSolution) or isinstance(responses, ItemMatrix):
        raise TypeError("full information needs a solution and answers of its own kind")
    plain = incomplete_indices(solution)
    rows = rows_of_items(responses, matrix.of, matrix.names) if how == "mlr" else None
    robust, moments = incomplete_errors(solution, rows)
    indices = plain
    if how == "mlr":
        indices = without_robust(scaled_indices(solution, robust, stretched=False, plain=plain))
    return _Estimates(solution, indices, robust.covariance, moments.of_functions, said)


def _ordered_estimates(
    responses: Responses | ItemMatrix, matrix: ItemMatrix, plan: Plan, scale_by: ScaleBy
) -> _Estimates:
    if isinstance(responses, ItemMatrix):
        raise SpecError("estimator='wlsmv' needs the answers themselves: give Responses.")
    clustered = any(side.design.stages for side in responses.sides)
    found = polychoric_gamma(responses, matrix, clustered=clustered)
    gamma = found.values[found.thresholds :, found.thresholds :]
    sample = Sample(matrix.correlation, matrix.n)

    def fit(table: ParameterTable, start: Matrices | None) -> Solution:
        begin = start_values(table, [sample]) if start is None else values_at(table, start)
        return fit_dwls(table, matrix.correlation, matrix.n, gamma, begin)

    solution, said = _sound(fit_in_any_units(plan, scale_by, fit))
    robust = robust_dwls(solution, gamma)
    nan, p = float("nan"), len(solution.table.items)
    indices = derived_indices(
        solution.chi2 / robust.scaling + robust.shift, solution.df,
        robust.baseline / robust.baseline_scaling + robust.baseline_shift, p * (p - 1) // 2, matrix.n - 1,
        n_parameters=solution.table.n_free + found.thresholds, srmr=srmr(solution), logl=nan, aic=nan, bic=nan, abic=nan,
        scaling=robust.scaling, shift=robust.shift,
    )  # fmt: skip
    errors = partial(correlation_errors, gamma=gamma, n=matrix.n)
    return _Estimates(solution, replace(indices, n=matrix.n), robust.covariance, errors, said)


def _remarks(responses: Responses | ItemMatrix, matrix: ItemMatrix, how: Estimator) -> tuple[Text, ...]:
    said = list(matrix.warnings)
    designs = [] if isinstance(responses, ItemMatrix) else [side.design for side in responses.sides]
    if how in ("ml", "mlm") and any(design.weight for design in designs):
        said.append({"en": "weights entered the covariances but not the likelihood's errors: take estimator='mlr'",
                     "zh": "权数已用于协方差，但未用于误差：请改用 estimator='mlr'"})  # fmt: skip
    if how == "mlr" and any(design.stages for design in designs):
        said.append(
            {"en": "errors count clusters, not respondents; strata are not used", "zh": "误差以群为单位，未使用分层"}
        )
    if how == "ml" and isinstance(matrix, EstimatedMatrix) and any(design.stages for design in designs):
        said.append({"en": "clusters are not in these errors, which are too small: take estimator='mlr'",
                     "zh": "误差未计入群集效应，因而偏小：请改用 estimator='mlr'"})  # fmt: skip
    if matrix.missing == "pairwise" and not isinstance(matrix, EstimatedMatrix):
        said.append({"en": "pairwise covariances: chi-square and errors take the smallest n and are approximate",
                     "zh": "成对协方差：卡方与误差取最小样本量，为近似值"})  # fmt: skip
    return tuple(said)


def _loading_table(solution: Solution, standard: Standardised, covariance: Array, level: float) -> pd.DataFrame:
    """One row per loading, and per loading of a factor on a second-order factor."""
    from scipy.special import erfc, ndtri

    table, z_level = solution.table, float(ndtri((1 + level) / 2))
    errors = {what: standard.errors(covariance, what) for what in ("loadings", "regressions")}
    bad = set(np.flatnonzero(solution.matrices[0].residuals.diagonal() < 0))
    lines = []
    for line in np.flatnonzero(table.of_kind("loading") | table.of_kind("regression")):
        row, column, free = int(table.row[line]), int(table.column[line]), int(table.free[line])
        of_item = bool(table.of_kind("loading")[line])
        what = "loadings" if of_item else "regressions"
        matrix = solution.matrices[0].loadings if of_item else solution.matrices[0].regressions
        value, std, std_se = matrix[row, column], getattr(standard, what)[row, column], errors[what][row, column]
        se = float(np.sqrt(max(covariance[free, free], 0.0))) if free >= 0 else float("nan")
        z = value / se if se > 0 else float("nan")
        reason = "heywood" if of_item and row in bad else "fixed" if free < 0 else ""
        lines.append((table.factors[column], table.items[row] if of_item else table.factors[row], value, se, z,
                      float(erfc(abs(z) / np.sqrt(2))), std, std_se, std - z_level * std_se, std + z_level * std_se,
                      standard.explained[row] if of_item else std**2, reason))  # fmt: skip
    columns = ["factor", "item", "estimate", "se", "z", "p", "standardised", "standardised_se", "low", "high", "explained",
               "reason"]  # fmt: skip
    return pd.DataFrame(lines, columns=columns)


def improper(solution: Solution, standard: Standardised, words: Mapping[str, Text]) -> tuple[Text, ...]:
    """What forbids to use a solution although it fits: negative variances, and factors that are not distinct.

    ``words`` are what items and factors are called; one that has none, such as a factor of your own, is called by its id.
    """
    table, matrices = solution.table, solution.matrices[0]
    called = {name: words.get(name, {"en": name}) for name in (*table.items, *table.factors)}
    said = [_heywood(table, int(i), standard, called) for i in np.flatnonzero(matrices.residuals.diagonal() < 0)]
    for j in np.flatnonzero(matrices.disturbances.diagonal() < 0):
        name = called[table.factors[j]]
        said.append({
            "en": f"the variance of factor '{say(name, 'en')}' is negative: its items, or what stands above it, do not hold together as "
            "the model says",
            "zh": f"因子“{say(name, 'zh')}”的方差为负：其题项或上级因子不符合模型设定",
        })  # fmt: skip
    if not said or len(table.factors) > 1:
        said += _not_distinct(table, matrices.factors, standard.factors, called)
    return tuple(said)


def _heywood(table: ParameterTable, item: int, standard: Standardised, called: Mapping[str, Text]) -> Text:
    name, loading = called[table.items[item]], float(np.abs(standard.loadings[item]).max())
    own = int(np.argmax(np.abs(standard.loadings[item])))
    count = int((standard.loadings[:, own] != 0).sum())
    factor = called[table.factors[own]]
    return {
        "en": f"the residual variance of {say(name, 'en')} is negative (Heywood case; standardised loading {loading:.2f}): the {count} items of "
        f"'{say(factor, 'en')}' do not share one factor, are too few, or were answered by too few",
        "zh": f"{spaced(say(name, 'zh') + '的残差方差')}为负（Heywood 情形，标准化载荷 {loading:.2f}）：“{say(factor, 'zh')}”的 {count} 个题项并非同一因子、题项过少或样本过小",
    }


def _not_distinct(table: ParameterTable, covariance: Array, r: Array, called: Mapping[str, Text]) -> list[Text]:
    """A covariance matrix of factors that none can have, with the pair that correlates most."""
    values = np.linalg.eigvalsh(covariance / np.sqrt(np.abs(np.outer(covariance.diagonal(), covariance.diagonal()))))
    if len(covariance) < 2 or values[0] > _FLAT:
        return []
    size = np.abs(np.tril(r, -1))
    i, j = np.unravel_index(np.argmax(size), size.shape)
    a, b = called[table.factors[j]], called[table.factors[i]]
    least, shown = f"{values[0]:.3f}".replace("-", "−"), f"{r[i, j]:.3f}".replace("0.", ".", 1).replace("-", "−")
    return [{
        "en": f"the covariance matrix of the factors is not positive definite (smallest eigenvalue {least}): '{say(a, 'en')}' and "
        f"'{say(b, 'en')}' correlate {shown} and are not distinct, merge them or report a total",
        "zh": f"因子协方差矩阵非正定（最小特征值 {least}）：“{say(a, 'zh')}”与“{say(b, 'zh')}”相关 {shown}，无法区分，应合并或只报告总分",
    }]  # fmt: skip


def _convergent(
    solution: Solution, standard: Standardised, covariance: Array, groups: Mapping[str, Sequence[str]], level: float
) -> pd.DataFrame:
    """Composite reliability and AVE of each factor with intervals."""
    from scipy.special import ndtri

    table, z, lines = solution.table, float(ndtri((1 + level) / 2)), []
    for factor, items in groups.items():
        at, own = [table.items.index(item) for item in items], table.factors.index(factor)
        loadings, slopes = standard.loadings[at, own], standard.d_loadings[at, own]
        proper = bool((loadings**2 <= 1).all())
        cells: list[float] = []
        for value, slope in (
            (composite_reliability(loadings), composite_reliability_slopes(loadings)),
            (average_variance(loadings), 2 * loadings / len(loadings)),
        ):
            moved = slope @ slopes
            se = float(np.sqrt(max(moved @ covariance @ moved, 0.0)))
            cells += [value, se, *(logit_interval(value, se, z) if proper else (np.nan, np.nan))]
        lines.append((factor, len(at), *cells, "" if proper else "not a share"))
    columns = ["factor", "items", "reliability", "se", "low", "high", "ave", "ave_se", "ave_low", "ave_high", "reason"]
    return pd.DataFrame(lines, columns=columns)


def _pairs(
    matrix: ItemMatrix, found: _Estimates, standard: Standardised, groups: Mapping[str, Sequence[str]], level: float
) -> pd.DataFrame:
    """Fornell and Larcker's comparison and HTMT for each pair of factors."""
    from scipy.special import ndtri

    sample, table, z = found.solution.samples[0], found.solution.table, float(ndtri((1 + level) / 2))
    at = {name: [table.items.index(item) for item in items] for name, items in groups.items()}
    ave = {name: average_variance(standard.loadings[at[name], table.factors.index(name)]) for name in groups}
    pairs, r = list(combinations(groups, 2)), matrix.correlation
    slopes = [on_covariances(htmt_slopes(r, at[a], at[b], geometric=geometric), sample.covariance)
              for a, b in pairs for geometric in (False, True)]  # fmt: skip
    errors = found.errors(slopes)
    lines = []
    for k, (a, b) in enumerate(pairs):
        correlation = float(standard.factors[table.factors.index(a), table.factors.index(b)])
        least = min(ave[a], ave[b])
        both = at[a] + at[b]
        unknown = sample.known is not None and not sample.known[np.ix_(both, both)].all()
        cells: list[float] = []
        for geometric in (False, True):
            value, se = htmt(r, at[a], at[b], geometric=geometric), float(errors[2 * k + geometric])
            own = [value, se, max(value - z * se, 0.0) if np.isfinite(se) else np.nan, value + z * se]
            cells += [float("nan")] * 4 if unknown else own
        passes = "yes" if correlation**2 < least else "no"
        reason = "unknown pair" if unknown else "" if np.isfinite(cells[1]) else "no error"
        lines.append((a, b, correlation, correlation**2, least, passes, *cells, reason))
    columns = ["first", "second", "r", "r_squared", "least_ave", "fornell_larcker", "htmt", "htmt_se", "htmt_low", "htmt_high",
               "htmt2", "htmt2_se", "htmt2_low", "htmt2_high", "reason"]  # fmt: skip
    return pd.DataFrame(lines, columns=columns)
