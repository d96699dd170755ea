"""May these groups be compared? The same ruler is asked of all of them, one demand after the other.

Configural: the same items measure the same factors. Metric: with the same loadings. Scalar: and the same intercepts, so that
means differ only where factors do. Strict: and the same residual variances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.confirm import NotConverged, check_converged, check_counts, check_identified, check_matrix, groups_of
from servqual.cfa.fit import Sample, Solution, fit_ml
from servqual.cfa.indices import FitIndices, fit_indices
from servqual.cfa.model import KINDS, Kind, ParameterTable, in_groups, plan_model
from servqual.cfa.modification import score_test
from servqual.cfa.start import start_values
from servqual.correlations import OF_WORDS, ItemMatrix, Of, item_matrices
from servqual.moments import one_blas_thread
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Step = Literal["configural", "metric", "scalar", "strict"]
Place = tuple[Kind, int, int]

EQUAL: Mapping[Step, tuple[Kind, ...]] = {
    "configural": (),
    "metric": ("loading",),
    "scalar": ("loading", "intercept"),
    "strict": ("loading", "intercept", "residual"),
}
STEPS: Mapping[str, Text] = {
    "configural": {"en": "configural", "zh": "构型"},
    "metric": {"en": "metric", "zh": "度量（载荷）"},
    "scalar": {"en": "scalar", "zh": "标量（截距）"},
    "strict": {"en": "strict", "zh": "严格（残差）"},
}
COMPARABLE: Mapping[str, Text] = {
    "none": {
        "en": "nothing may be compared: the same items do not measure the same factors in all groups",
        "zh": "不可比较：各组题项测量的因子结构不同",
    },
    "configural": {
        "en": "only the structure may be compared, no numbers: items weigh differently",
        "zh": "仅因子结构可比，数值不可比：题项载荷不同",
    },
    "metric": {
        "en": "how dimensions relate to each other and to outcomes may be compared, but not their means: items start from "
        "different levels",
        "zh": "维度之间及维度与结果变量的关系可比，均值不可比：题项截距不同",
    },
    "scalar": {
        "en": "means of the dimensions may be compared; spreads of scores hold different shares of error",
        "zh": "维度均值可比；得分方差所含误差比例不同",
    },
    "strict": {
        "en": "means, spreads and correlations of dimension scores may be compared",
        "zh": "维度得分的均值、方差与相关均可比",
    },
}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "not converged": {"en": "no best fit was found", "zh": "未能收敛"},
    "open": {"en": "not judged: an earlier step fails", "zh": "不作判断：前面的步骤已不成立"},
}
_PARTIAL: Text = {
    "en": "in part: {freed} differ between groups, so compare factor means (means()) and not scores that include these items",
    "zh": "仅部分成立：{freed} 各组不同，宜比较因子均值（means()），不宜直接比较含这些题项的得分",
}
_FREED: Mapping[Kind, Step] = {"loading": "metric", "intercept": "scalar", "residual": "strict"}
_HELD = {"yes": {"en": "holds", "zh": "成立"}, "no": {"en": "fails", "zh": "不成立"}, "partial": {"en": "partly", "zh": "部分成立"},
         "": {"en": "", "zh": ""}}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Invariance(Result):
    """The ladder of invariance, and what may still be compared.

    Frame columns: ``step, parameters, chi2, df, p, cfi, rmsea, rmsea_low, rmsea_high, srmr, delta_chi2, delta_df, delta_p,
    delta_cfi, delta_rmsea, holds, reason``. Differences are to the step before, with what was freed there; ``holds`` is
    "yes", "partial" or "no".

    Attributes
    ----------
    by, groups, sizes : the split, its groups, the first of which is the reference, and their n
    reached : the last step that holds, "none" if not even the first; ``freed`` what was freed on the way (names)
    solutions : step -> Solution
    worst_cfi, worst_rmsea, least_cfi : the thresholds used
    n_dropped : respondents without a complete answer
    """

    by: str = field(kw_only=True)
    groups: tuple[str, ...] = field(kw_only=True)
    sizes: tuple[int, ...] = field(kw_only=True)
    of: Of = field(kw_only=True)
    reached: str = field(kw_only=True)
    freed: tuple[str, ...] = field(kw_only=True)
    solutions: Mapping[str, Solution] = field(kw_only=True)
    least_cfi: float = field(kw_only=True)
    worst_cfi: float = field(kw_only=True)
    worst_rmsea: float = field(kw_only=True)
    n_dropped: int = field(kw_only=True)
    words: Mapping[str, Text] = field(kw_only=True)
    remarks: tuple[Text, ...] = field(default=(), kw_only=True)

    @property
    def comparable(self) -> bool:
        """Whether means of the dimensions may be compared as they are."""
        return self.reached in ("scalar", "strict") and not self.freed

    def title(self) -> str:
        of = say(OF_WORDS[self.of], self.language)
        return (
            f"各组测量不变性（{self.by}）：{of}"
            if self.language == "zh"
            else f"Is the ruler the same by {self.by}? {of[0].upper()}{of[1:]}"
        )

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("step", {"en": "step", "zh": "步骤"}, "text", STEPS),
            Column("chi2", {"en": "χ²", "zh": "χ²"}, "number"),
            Column("df", {"en": "df", "zh": "自由度"}, "df"),
            Column("cfi", {"en": "CFI", "zh": "CFI"}, "number", decimals=3),
            Column("rmsea", {"en": "RMSEA", "zh": "RMSEA"}, "number", decimals=3),
            Column("srmr", {"en": "SRMR", "zh": "SRMR"}, "number", decimals=3),
            Column("delta_chi2", {"en": "Δχ²", "zh": "Δχ²"}, "number"),
            Column("delta_df", {"en": "Δdf", "zh": "Δ自由度"}, "df"),
            Column("delta_p", {"en": "p", "zh": "p"}, "p"),
            Column("delta_cfi", {"en": "ΔCFI", "zh": "ΔCFI"}, "signed", decimals=3),
            Column("delta_rmsea", {"en": "ΔRMSEA", "zh": "ΔRMSEA"}, "signed", decimals=3),
            Column("holds", {"en": "verdict", "zh": "结论"}, "text", _HELD),
            *(
                [Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS)]
                if self.frame["reason"].any()
                else []
            ),
        )

    def verdict(self) -> Text:
        """What may still be compared."""
        found = COMPARABLE[self.reached]
        if not self.freed:
            return found
        freed = {"en": ", ".join(self.freed), "zh": "、".join(self.freed)}
        glue = {"en": ", ", "zh": "；"}
        return {key: f"{found[key]}{glue[key]}{_PARTIAL[key].format(freed=freed[key])}" for key in ("en", "zh")}

    def sentence(self) -> str:
        """What may still be compared, in one sentence."""
        verdict = say(self.verdict(), self.language)
        return f"各组（{self.by}）：{verdict}。" if self.language == "zh" else f"By {self.by}, {verdict}."

    def note(self) -> str:
        zh, glue = self.language == "zh", "；" if self.language == "zh" else "; "
        sizes = ("、" if zh else ", ").join(f"{name} {n:,}" for name, n in zip(self.groups, self.sizes, strict=True))
        extra = glue.join(say(text, self.language) for text in self.remarks)
        if zh:
            rule = (f"判定：ΔCFI 不低于 −{self.worst_cfi:g} 且 ΔRMSEA 不高于 {self.worst_rmsea:g}（Cheung 与 Rensvold 2002；Chen 2007）；"
                    f"构型要求 CFI ≥ {self.least_cfi:g}。Δχ² 与前一步骤相比，大样本时几乎总是显著。")  # fmt: skip
            return f"{self.sentence()}{rule}极大似然，样本量：{sizes}；未使用 {self.n_dropped:,} 人。" + (
                f"{extra}。" if extra else ""
            )
        rule = (f"A step holds if CFI falls by no more than {self.worst_cfi:g} and RMSEA rises by no more than {self.worst_rmsea:g} "
                f"(Cheung and Rensvold 2002; Chen 2007), the first if CFI is {self.least_cfi:g} or more. Δχ² is to the step before, "
                "and nearly always significant in large samples.")  # fmt: skip
        base = f"Maximum likelihood; n: {sizes}; {self.n_dropped:,} not used."
        return f"{self.sentence()} {rule} {base}" + (f" {extra[0].upper()}{extra[1:]}." if extra else "")

    def means(self) -> LatentMeans:
        """Differences of factor means to the first group, where intercepts are (partly) equal."""
        step = next(
            (name for name in ("scalar", "strict") if name in self.solutions and _rank(self.reached) >= _rank(name)),
            None,
        )
        if step is None:
            raise SpecError(f"Factor means can't be compared: {say(COMPARABLE[self.reached], 'en')}.")
        return _latent_means(self, self.solutions[step])

    def plot(self, ax: Axes | None = None) -> Axes:
        """CFI and RMSEA of each step beside their limits, and how far the ladder reaches."""
        from servqual.plots.ladder import draw_ladder

        return draw_ladder(self, ax)

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language)


@dataclass(frozen=True, eq=False, repr=False)
class LatentMeans(Result):
    """Factor means against the first group: ``factor, group, difference, se, p, standardised, low, high``."""

    reference: str = field(default="", kw_only=True)
    words: Mapping[str, Text] = field(default_factory=dict, kw_only=True)

    def title(self) -> str:
        return (
            f"因子均值与“{self.reference}”组之差" if self.language == "zh" else f"Factor means against {self.reference}"
        )

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("factor", {"en": "factor", "zh": "因子"}, "text", self.words),
            Column("group", {"en": "group", "zh": "组"}),
            Column("difference", {"en": "difference", "zh": "差异"}, "signed"),
            Column("se", {"en": "SE", "zh": "标准误"}, "number", decimals=3),
            Column("low", {"en": "95% low", "zh": "95% 下限"}, "signed"),
            Column("high", {"en": "95% high", "zh": "95% 上限"}, "signed"),
            Column("p", {"en": "p", "zh": "p"}, "p"),
            Column("standardised", {"en": "in SDs", "zh": "以标准差计"}, "signed"),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "单位为每个因子首个题项的单位；标准化以参照组的因子标准差为单位。极大似然标准误，假定受访者独立。"
        return ("In units of each factor's first item; standardised by the reference group's SD of the factor. Maximum likelihood "
                "errors, respondents taken as independent.")  # fmt: skip


def invariance(
    responses: Responses | Mapping[str, ItemMatrix],
    *,
    by: str,
    of: Of = "perception",
    model: Mapping[str, Sequence[str]] | None = None,
    partial: bool = False,
    least_cfi: float = 0.90,
    worst_cfi: float = 0.01,
    worst_rmsea: float = 0.015,
    least_n: int = 100,
) -> Invariance:
    """Whether groups answer with the same ruler, step by step, and what may be compared if they do not.

    Parameters
    ----------
    responses : Responses, or group -> ItemMatrix with means
    by : column that splits the respondents (with matrices: what the groups are called)
    of : "perception", "expectation" or "gap"
    model : factor -> items; the instrument's dimensions if not given
    partial : free, one at a time, the number whose score test is largest where a step fails, as long as each factor keeps two
        items that are equal everywhere; stops when the step holds
    least_cfi, worst_cfi, worst_rmsea : the configural model's least CFI, and by how much CFI may fall and RMSEA rise in a step
    least_n : smallest group that is tested; smaller ones raise, since nothing would be found

    Returns
    -------
    Invariance

    Notes
    -----
    Agrees with lavaan 0.6-14 for Holzinger and Swineford's two schools and for the sexes in the ``bfi`` data (chi-square of
    all four steps, score tests of equalities; tests/test_invariance.py). Respondents count as independent and equally.

    References
    ----------
    Vandenberg and Lance (2000), Organizational Research Methods 3, 4-70, doi:10.1177/109442810031002. Cheung and Rensvold (2002),
    Structural Equation Modeling 9, 233-255, doi:10.1207/S15328007SEM0902_5. Chen (2007), Structural Equation Modeling 14,
    464-504, doi:10.1080/10705510701301834.

    Examples
    --------
    >>> loading = np.array([0.8, 0.7, 0.6, 0.8, 0.7, 0.6])
    >>> r = np.outer(loading, loading) * np.kron([[1, 0.4], [0.4, 1]], np.ones((3, 3)))
    >>> np.fill_diagonal(r, 1)
    >>> make = lambda mean: ItemMatrix.from_matrix(
    ...     r, 300, [f"x{i}" for i in range(6)], dimensions=["a"] * 3 + ["b"] * 3, mean=mean
    ... )
    >>> invariance({"old": make(np.zeros(6)), "new": make(loading)}, by="store").reached
    'strict'
    """
    matrices = _matrices(responses, by, of, model)
    _check_groups(matrices, by, least_n)
    first = next(iter(matrices.values()))
    groups = dict(model) if model is not None else groups_of(first)
    table = plan_model(groups, first.names)
    check_counts(table, groups)
    samples = [Sample(each.covariance * (each.n - 1) / each.n, each.n, each.mean) for each in matrices.values()]
    limits = (least_cfi, worst_cfi, worst_rmsea)
    with one_blas_thread():
        lines, solutions, reached, freed = _climb(table, samples, partial, limits)
    return Invariance(
        pd.DataFrame(lines), first.language, by=by, groups=tuple(map(str, matrices)), sizes=tuple(each.n for each in matrices.values()),
        of=first.of, reached=reached, freed=tuple(_named(table, place) for place in freed), solutions=solutions,
        least_cfi=least_cfi, worst_cfi=worst_cfi, worst_rmsea=worst_rmsea,
        n_dropped=sum(each.n_dropped for each in matrices.values()),
        words={**dict(zip(first.names, first.labels, strict=True)), **first.dimension_labels},
        remarks=tuple({text["en"]: text for each in matrices.values() for text in each.warnings}.values()),
    )  # fmt: skip


def _matrices(responses: Responses | Mapping[str, ItemMatrix], by: str, of: Of, model: Any) -> dict[Any, ItemMatrix]:
    check_choice("of", of, Of)
    if not isinstance(responses, Responses) and isinstance(responses, Mapping):
        return dict(responses)
    named = None if model is None else {item for group in model.values() for item in group}
    items = None if named is None else [item.id for item in responses.instrument.items if item.id in named]
    found = item_matrices(responses, by=by, of=of, items=items)
    return {label[0]: matrix for label, matrix in found.items()}


def _check_groups(matrices: Mapping[Any, ItemMatrix], by: str, least_n: int) -> None:
    """Refuse a single group, and groups in which nothing would be found."""
    if len(matrices) < 2:
        raise SpecError(f"by={by!r} has {len(matrices)} group. Invariance compares two or more.")
    small = [(name, each.n) for name, each in matrices.items() if each.n < max(least_n, each.k + 1)]
    if small:
        told = ", ".join(f"{name} {n}" for name, n in small[:6]) + (", …" if len(small) > 6 else "")
        raise DataError(
            f"by={by!r} is not testable this way: {len(small)} of {len(matrices)} groups have fewer than {least_n} complete answers "
            f"({told}). In such groups differences of the ruler could not be seen. Join groups, or leave them out; for many small "
            "groups ask how much of the answers lies between them (intraclass correlation) instead.",
            pd.DataFrame(small, columns=["group", "n"]),
        )
    for matrix in matrices.values():
        check_matrix(matrix)


# --- the ladder --------------------------------------------------------------------------------------------


def _climb(table: ParameterTable, samples: Sequence[Sample], partial: bool, limits: tuple[float, float, float]) -> Any:
    """Step after step; those after one that fails are fitted for the table, but not judged."""
    lines: list[dict[str, Any]] = []
    solutions: dict[str, Solution] = {}
    freed: list[Place] = []
    reached, before, open_ = "none", None, True
    for step in EQUAL:
        try:
            solution = _fit(table, samples, step, freed)
        except NotConverged:
            lines.append({**_line(step, None, before), "holds": "no", "reason": "not converged"})
            break
        fit = fit_indices(solution)
        holds = _holds(fit, before, limits)
        if partial and open_ and not holds and before is not None:
            solution, freed, holds = _freeing(table, samples, step, freed, before, limits)
            fit = fit_indices(solution)
        solutions[step] = solution
        open_, was_open = open_ and holds, open_
        own = [place for place in freed if _FREED[place[0]] == step]
        said = {"holds": "partial" if holds and own else "yes" if holds else "no"} if was_open else {"reason": "open"}
        lines.append({**_line(step, fit, before), **said})
        if open_:
            reached = step
        before = fit
    return lines, solutions, reached, freed


def _fit(table: ParameterTable, samples: Sequence[Sample], step: Step, freed: Sequence[Place]) -> Solution:
    tied = in_groups(table, len(samples), equal=EQUAL[step], released=set(freed))
    solution = fit_ml(tied, samples, start_values(tied, samples))
    check_converged(solution)
    check_identified(solution)
    return solution


def _holds(fit: FitIndices, before: FitIndices | None, limits: tuple[float, float, float]) -> bool:
    least_cfi, worst_cfi, worst_rmsea = limits
    if before is None:
        return fit.cfi >= least_cfi
    return before.cfi - fit.cfi <= worst_cfi and not fit.rmsea - before.rmsea > worst_rmsea


def _freeing(
    table: ParameterTable, samples: Sequence[Sample], step: Step, freed: list[Place], before: FitIndices,
    limits: tuple[float, float, float],
) -> tuple[Solution, list[Place], bool]:  # fmt: skip
    """Free the number that fits worst, again and again, while each factor keeps two equal items."""
    kind: Kind = EQUAL[step][-1]
    tried = list(freed)
    solution = _fit(table, samples, step, tried)
    while True:
        places = _may_be_freed(table, kind, tried)
        if not places:
            return _fit(table, samples, step, freed), freed, False
        gain = equality_tests(solution, places)
        tried = [*tried, places[int(np.argmax(gain))]]
        solution = _fit(table, samples, step, tried)
        if _holds(fit_indices(solution), before, limits):
            return solution, tried, True


def _may_be_freed(table: ParameterTable, kind: Kind, freed: Sequence[Place]) -> list[Place]:
    """Places of a kind that are still equal, and whose factor keeps two items that are equal everywhere."""
    loads = table.of_kind("loading")
    of_item = {int(row): int(column) for row, column in zip(table.row[loads], table.column[loads], strict=True)}
    markers = {int(row) for row in table.row[loads & (table.free < 0)]}
    touched = {row for _, row, _ in freed}
    clean: dict[int, int] = {}
    for item, factor in of_item.items():
        clean[factor] = clean.get(factor, 0) + (item not in touched)
    found: list[Place] = []
    for item, factor in of_item.items():
        place: Place = (kind, item, factor if kind == "loading" else item)
        if (kind == "loading" and item in markers) or place in freed or (item not in touched and clean[factor] <= 2):
            continue
        found.append(place)
    return found


def equality_tests(solution: Solution, places: Sequence[Place]) -> Array:
    """(c,) how much chi-square would fall if a number were freed in the group where that helps most (score tests)."""
    found = [score_test(solution, list(places), group)[0] for group in range(solution.table.groups)]
    return np.asarray(np.max(found, axis=0))


def _line(step: str, fit: FitIndices | None, before: FitIndices | None) -> dict[str, Any]:
    from scipy.special import chdtrc

    nan = float("nan")
    names = ("chi2", "df", "p", "cfi", "rmsea", "rmsea_low", "rmsea_high", "srmr")
    line: dict[str, Any] = {"step": step, "parameters": fit.n_parameters if fit else nan}
    line.update({name: getattr(fit, name) if fit else nan for name in names})
    both = fit is not None and before is not None
    change = {
        name: getattr(fit, name) - getattr(before, name) if both else nan for name in ("chi2", "df", "cfi", "rmsea")
    }
    line.update({"delta_chi2": change["chi2"], "delta_df": change["df"],
                 "delta_p": float(chdtrc(change["df"], max(change["chi2"], 0.0))) if both and change["df"] > 0 else nan,
                 "delta_cfi": change["cfi"], "delta_rmsea": change["rmsea"], "holds": "", "reason": ""})  # fmt: skip
    return line


def _rank(step: str) -> int:
    return ["none", *EQUAL].index(step)


def _named(table: ParameterTable, place: Place) -> str:
    kind, row, column = place
    names = {"loading": f"{table.factors[column] if kind == 'loading' else ''} =~ {table.items[row]}",
             "intercept": f"{table.items[row]} ~ 1", "residual": f"{table.items[row]} ~~ {table.items[row]}"}  # fmt: skip
    return names[kind]


def _latent_means(found: Invariance, solution: Solution) -> LatentMeans:
    from scipy.special import erfc, ndtri

    table, lines, z = solution.table, [], float(ndtri(0.975))
    reference = np.sqrt(np.abs(solution.matrices[0].factors.diagonal()))
    for line in np.flatnonzero((table.kind == KINDS.index("mean")) & (table.free >= 0)):
        factor, free = int(table.row[line]), int(table.free[line])
        value, se = float(solution.theta[free]), float(np.sqrt(solution.covariance[free, free]))
        lines.append((table.factors[factor], found.groups[int(table.group[line])], value, se, value - z * se, value + z * se,
                      float(erfc(abs(value / se) / np.sqrt(2))), value / float(reference[factor])))  # fmt: skip
    columns = ["factor", "group", "difference", "se", "low", "high", "p", "standardised"]
    return LatentMeans(
        pd.DataFrame(lines, columns=columns), found.language, reference=found.groups[0], words=found.words
    )
