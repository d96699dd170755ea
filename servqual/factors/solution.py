"""What lies behind the answers? Loadings, factor correlations and fit as one value, from answers or a printed matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from servqual.correlations import OF_WORDS, AskedKind, ItemMatrix, MissingRule, Of, item_matrix
from servqual.factors.chance import chance_eigenvalues, eigenvalues, leading_run
from servqual.factors.extraction import LEAST_UNIQUE, Method, check_factors, extract
from servqual.factors.fit import Fit, fit_of
from servqual.factors.intervals import loading_errors
from servqual.factors.pattern import Pattern
from servqual.factors.rotation import ORTHOGONAL, Rotation, rotate
from servqual.inference import REASONS, Interval
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
ScoreMethod = Literal["regression", "bartlett", "tenBerge"]

METHODS: Mapping[str, Text] = {
    "minres": {"en": "minres (least squares)", "zh": "最小残差法（minres）"},
    "ml": {"en": "maximum likelihood", "zh": "极大似然法"},
    "pa": {"en": "principal axes", "zh": "主轴因子法"},
}
ROTATIONS: Mapping[str, Text] = {
    "varimax": {"en": "varimax (uncorrelated factors)", "zh": "varimax 正交旋转"},
    "promax": {"en": "promax", "zh": "promax 斜交旋转"},
    "oblimin": {"en": "oblimin", "zh": "oblimin 斜交旋转"},
    "geomin": {"en": "geomin", "zh": "geomin 斜交旋转"},
    "target": {"en": "rotation to a target", "zh": "目标旋转"},
    "none": {"en": "not rotated", "zh": "未旋转"},
}
SOLUTION_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "heywood": {"en": "improper: (almost) no variance of its own (Heywood case)", "zh": "不当解：几乎无独特方差（Heywood 情形）"},
    "low": {"en": "loads on no factor", "zh": "不从属于任何因子"},
    "cross": {"en": "loads on several factors", "zh": "跨因子载荷"},
}  # fmt: skip
_STARTS = 10
_SHOWN = 20
_REPLICATES, _PERCENTILE, _SEED = 1000, 0.95, 1


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class FactorSolution(Result):
    """Factors behind the items: made by :func:`explore_factors`.

    Frame columns: ``item, dimension``, one column of loadings for each factor (``F1, F2, ...``, or the target's names),
    ``communality, uniqueness, complexity, reason``; with errors also ``F1_low, F1_high, ...``. Rows are in the instrument's
    order. Shown sorted by factor, with loadings below ``cut`` left blank.

    Attributes
    ----------
    pattern : loadings, factor correlations and their errors as one value
    matrix : the ItemMatrix
    method, rotation : how factors were found and turned
    fit : Fit
    converged : whether the extraction ended at a minimum
    settled, starts, reached : whether the rotation did, its starting positions, and how many of them ended at this solution
    cut : loadings below are not shown
    chosen : how the number of factors was chosen, empty where it was given
    interval, level : how errors were made (None: not), and their confidence
    """

    pattern: Pattern = field(kw_only=True)
    matrix: ItemMatrix = field(kw_only=True)
    method: Method = field(kw_only=True)
    rotation: Rotation = field(kw_only=True)
    fit: Fit = field(kw_only=True)
    converged: bool = field(kw_only=True)
    settled: bool = field(kw_only=True)
    starts: int = field(kw_only=True)
    reached: int = field(kw_only=True)
    cut: float = field(kw_only=True)
    chosen: Text = field(kw_only=True, default_factory=dict)
    interval: Interval | None = field(kw_only=True, default=None)
    level: float = field(kw_only=True, default=0.95)

    @classmethod
    def of(cls, pattern: Pattern, matrix: ItemMatrix, **how: Any) -> FactorSolution:
        """A solution whose table is written from the pattern, and from nothing else."""
        return cls(_table(pattern, matrix, how["cut"]), matrix.language, pattern=pattern, matrix=matrix, **how)

    def reordered(self, order: ArrayLike) -> FactorSolution:
        """The same solution with its factors in another order: loadings, correlations, errors and table together."""
        return self._with(self.pattern.reordered(order))

    def reflected(self, signs: ArrayLike) -> FactorSolution:
        """The same solution with some factors pointing the other way (sign -1)."""
        return self._with(self.pattern.reflected(signs))

    def _with(self, pattern: Pattern) -> FactorSolution:
        how = {each.name: getattr(self, each.name) for each in fields(self)
               if each.name not in ("frame", "language", "pattern", "matrix")}  # fmt: skip
        return FactorSolution.of(pattern, self.matrix, **how)

    @property
    def loadings(self) -> pd.DataFrame:
        """(p, m) loadings, in the instrument's order."""
        return pd.DataFrame(self.pattern.loadings, index=list(self.pattern.items), columns=list(self.pattern.factors))

    @property
    def phi(self) -> pd.DataFrame:
        """(m, m) correlations of the factors."""
        names = list(self.pattern.factors)
        return pd.DataFrame(self.pattern.phi, index=names, columns=names)

    @property
    def residuals(self) -> pd.DataFrame:
        """(p, p) observed minus implied correlations."""
        names = list(self.pattern.items)
        return pd.DataFrame(self.matrix.correlation - self.pattern.implied, index=names, columns=names)

    @property
    def heywood(self) -> tuple[str, ...]:
        """Items without (or almost without) variance of their own: the solution is improper."""
        return tuple(self.frame.loc[self.frame["reason"] == "heywood", "item"])

    def title(self) -> str:
        zh, m = self.language == "zh", len(self.pattern.factors)
        of, method, rotation = (say(words, self.language) for words in (
            OF_WORDS[self.matrix.of], METHODS[self.method], ROTATIONS[self.rotation]))  # fmt: skip
        if zh:
            return f"探索性因子分析：{of}，{m} 个因子，{method}，{rotation}"
        return f"Exploratory factors: {of}, {m} {'factor' if m == 1 else 'factors'}, {method}, {rotation}"

    def columns(self) -> tuple[Column, ...]:
        matrix = self.matrix
        words = dict(zip(matrix.names, matrix.labels, strict=True))
        return (
            Column("item", {"en": "item", "zh": "题项"}, "text", words),
            Column("dimension", {"en": "dimension", "zh": "维度"}, "text", matrix.dimension_labels),
            *(Column(name, self._heading(name), "number") for name in self.pattern.factors),
            Column("communality", {"en": "communality", "zh": "共同度"}, "number"),
            Column("complexity", {"en": "complexity", "zh": "复杂度"}, "number", decimals=1),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", SOLUTION_REASONS),
        )

    def _heading(self, factor: str) -> Text:
        return self.matrix.dimension_labels.get(factor, {"en": factor, "zh": factor})

    def shown(self) -> pd.DataFrame:
        """Sorted by factor and size; loadings below the cut are blank."""
        table = super().shown()
        first = [column.name for column in self._shown_columns()].index(self.pattern.factors[0])
        for k in range(len(self.pattern.factors)):
            small = np.abs(self.pattern.loadings[:, k]) < self.cut
            table.isetitem(first + k, np.where(small, "", table.iloc[:, first + k]))
        return table.iloc[self.pattern.display_order()].reset_index(drop=True)

    def note(self) -> str:
        if self.language == "zh":
            return f"{self.how()}不显示小于 {self.cut:g} 的载荷。"
        return f"{self.how()} Loadings below {self.cut:g} are not shown."

    def how(self) -> str:
        """Base, fit, rotation and faults in sentences: the note, but for what the table leaves blank."""
        zh = self.language == "zh"
        parts = [self.matrix.sentence(self.language).rstrip(".。"), say(self.chosen, self.language) if self.chosen else "",
                 self._fit_words(), self._correlations_said(), self._rotation_said(), *self._faults(), self._errors_said(),
                 *(say(words, self.language) for words in self.matrix.warnings)]  # fmt: skip
        said = [part[0].upper() + part[1:] for part in parts if part]
        return "。".join(said) + "。" if zh else ". ".join(said) + "."

    def _fit_words(self) -> str:
        said, zh = self.fit.sentence(self.language), self.language == "zh"
        if not np.isfinite(self.fit.chi2):
            return said
        if self.method != "ml":
            said += "；非极大似然解，卡方为近似" if zh else "; chi-square is close only: loadings are not those of ML"
        if self.matrix.weighted:
            said += "；卡方视答卷为等权" if zh else "; chi-square takes answers as equally weighted"
        return said

    def _correlations_said(self) -> str:
        m = len(self.pattern.factors)
        if m == 1 or self.rotation in ORTHOGONAL:
            return ""
        between = self.pattern.phi[np.triu_indices(m, 1)]
        low, high, zh = _signed(between.min()), _signed(between.max()), self.language == "zh"
        if m == 2:
            return f"因子相关 {low}" if zh else f"the factors correlate {low}"
        return f"因子相关 {low} 至 {high}" if zh else f"factors correlate {low} to {high}"

    def _rotation_said(self) -> str:
        if self.starts == 1:
            return ""
        return f"旋转 {self.starts} 个起点中 {self.reached} 个到达此解" if self.language == "zh" else (
            f"{self.reached} of {self.starts} starting positions of the rotation end here")  # fmt: skip

    def _faults(self) -> list[str]:
        zh, said = self.language == "zh", []
        if not self.converged:
            said.append(
                "提取未收敛，结果不可用" if zh else "the extraction did not converge: do not use these loadings"
            )
        if not self.settled:
            said.append("旋转未收敛" if zh else "the rotation did not converge: another number of starts may help")
        if self.heywood:
            named = ("、" if zh else ", ").join(self.heywood)
            said.append(f"不当解（Heywood 情形）：{named} 的独特方差为零或更低；因子过多、因子内题项过少或样本过小" if zh else (
                f"improper solution (Heywood case), no variance is left to {named}: there are too many factors, too few items "
                "on one, or too few answers"))  # fmt: skip
        return said

    def _errors_said(self) -> str:
        if self.interval is None:
            return ""
        percent = f"{100 * self.level:g}%"
        how = self.interval.sentence(self.language)
        return f"载荷的 {percent} 区间：{how}" if self.language == "zh" else f"{percent} intervals of loadings: {how}"

    def sentence(self, language: Language | None = None) -> str:
        """How many factors, what they explain, and how far they correlate."""
        zh, m = (language or self.language) == "zh", len(self.pattern.factors)
        share = f"{100 * self.pattern.communalities.mean():.0f}%"
        between = self.pattern.phi[np.triu_indices(m, 1)]
        if zh:
            said = f"{m} 个因子解释题项方差的 {share}"
            return said + (
                f"，因子相关最高 {_signed(between.max())}。"
                if len(between) and self.rotation not in ORTHOGONAL
                else "。"
            )
        said = f"{m} {'factor explains' if m == 1 else 'factors explain'} {share} of the items' variance"
        return said + (
            f"; they correlate up to {_signed(between.max())}."
            if len(between) and self.rotation not in ORTHOGONAL
            else "."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Loadings as coloured cells, items by factors."""
        from servqual.plots.loadings import draw_loadings

        return draw_loadings(self, ax)

    def in_language(self, language: Language) -> FactorSolution:
        return replace(self, language=language, matrix=self.matrix.in_language(language))

    # --- tables beside it ---

    def factors(self) -> FactorTable:
        """One row per factor: variance explained, how well scores would measure it, correlations with the others."""
        pattern = self.pattern
        share = pattern.variance / len(pattern.items)
        frame = pd.DataFrame({"factor": list(pattern.factors), "variance": pattern.variance, "share": share,
                              "cumulative": share.cumsum(), "determinacy": self.determinacy})  # fmt: skip
        return FactorTable(pd.concat([frame, self.phi.reset_index(drop=True)], axis=1), self.language, solution=self)

    def intervals(self) -> LoadingIntervals:
        """One row per loading with its standard error and interval."""
        errors, pattern = self.pattern.errors, self.pattern
        if errors is None:
            raise SpecError("no errors were asked for: explore_factors(responses, interval=Bootstrap(500, seed=1)).")
        p, m = pattern.loadings.shape
        frame = pd.DataFrame({
            "item": np.repeat(pattern.items, m), "factor": np.tile(pattern.factors, p), "loading": pattern.loadings.ravel(),
            "se": errors.se.ravel(), "low": errors.low.ravel(), "high": errors.high.ravel(), "reason": errors.reason,
        })  # fmt: skip
        return LoadingIntervals(frame, self.language, solution=self)

    def congruence(self, other: FactorSolution) -> FactorCongruence:
        """How alike the factors of two solutions are, over the items they share: Tucker's coefficient of the best matches."""
        return compare_factors(self, other)

    # --- scores ---

    @cached_property
    def determinacy(self) -> Array:
        """(m,) correlation of each factor with the best estimate from the items; nan where R is not positive definite."""
        if not self.matrix.positive_definite:
            return np.full(len(self.pattern.factors), np.nan)
        structure = self.pattern.structure
        explained = (structure * np.linalg.solve(self.matrix.correlation, structure)).sum(axis=0)
        return np.asarray(np.sqrt(np.clip(explained, 0.0, None)))

    def score_weights(self, method: ScoreMethod = "regression") -> pd.DataFrame:
        """(p, m) weights of standardised answers in factor scores; see :func:`score_weights`."""
        weights = score_weights(self.matrix, self.pattern, method)
        return pd.DataFrame(weights, index=list(self.pattern.items), columns=list(self.pattern.factors))

    def scores(self, answers: Responses | pd.DataFrame, method: ScoreMethod = "regression") -> FactorScores:
        """Factor scores of respondents, in standard deviations from the mean of the sample the solution was found in.

        ``answers`` has a column for each item, named by its id, or is Responses. A matrix that was given without means and
        standard deviations takes standardised answers. Rows with missing answers have no score, and say so.
        """
        if self.matrix.kind == "polychoric":
            raise SpecError("scores are sums of answers, and polychoric correlations are about what lies behind these. Explore "
                            "kind='pearson' for scores.")  # fmt: skip
        frame = _answers_of(answers, self.matrix)
        scale = np.sqrt(np.diagonal(self.matrix.covariance))
        standard = (frame.to_numpy(float) - self.matrix.mean) / scale
        found = pd.DataFrame(
            standard @ self.score_weights(method).to_numpy(), index=frame.index, columns=self.pattern.factors
        )
        found["reason"] = np.where(np.isnan(standard).any(axis=1), "missing", "")
        return FactorScores(found, self.language, solution=self, method=method)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _table(pattern: Pattern, matrix: ItemMatrix, cut: float) -> pd.DataFrame:
    size = np.abs(pattern.loadings)
    reason = np.where(size.max(axis=1) < cut, "low", np.where((size >= cut).sum(axis=1) > 1, "cross", ""))
    reason = np.where(pattern.uniquenesses <= LEAST_UNIQUE * 1.01, "heywood", reason)
    frame = pd.DataFrame({"item": list(pattern.items), "dimension": list(matrix.dimensions)})
    loadings = dict(zip(pattern.factors, pattern.loadings.T, strict=True))
    frame = frame.assign(**loadings, communality=pattern.communalities, uniqueness=pattern.uniquenesses,
                         complexity=pattern.complexity)  # fmt: skip
    if pattern.errors is not None:
        for k, name in enumerate(pattern.factors):
            frame[f"{name}_low"], frame[f"{name}_high"] = pattern.errors.low[:, k], pattern.errors.high[:, k]
    return frame.assign(reason=reason)


@dataclass(frozen=True, eq=False, repr=False)
class _BesideSolution(Result):
    """A table that belongs to a solution."""

    solution: FactorSolution = field(kw_only=True)

    def words(self) -> dict[str, Text]:
        names = self.solution.pattern.factors
        return {name: self.solution._heading(name) for name in names}


@dataclass(frozen=True, eq=False, repr=False)
class FactorTable(_BesideSolution):
    """What each factor explains and how factors correlate.

    Frame columns: ``factor, variance, share, cumulative, determinacy``, then one column of correlations for each factor.
    ``determinacy`` is the correlation of the factor with its best estimate from the items: under .90, scores rank people
    otherwise than the factor would (Grice 2001, Psychological Methods 6, 430-450, doi:10.1037/1082-989X.6.4.430).
    """

    def title(self) -> str:
        return "因子的方差与相关" if self.language == "zh" else "Variance and correlations of the factors"

    def columns(self) -> tuple[Column, ...]:
        words = self.words()
        return (
            Column("factor", {"en": "factor", "zh": "因子"}, "text", words),
            Column("variance", {"en": "variance", "zh": "方差"}, "number"),
            Column("share", {"en": "share", "zh": "占比"}, "share"),
            Column("cumulative", {"en": "cumulative", "zh": "累计"}, "share"),
            Column("determinacy", {"en": "determinacy", "zh": "确定性"}, "number"),
            *(Column(name, label, "number") for name, label in words.items()),
        )

    def note(self) -> str:
        if self.language == "zh":
            return "方差为该因子（含其与其他因子的相关）所解释的题项方差之和；确定性为因子与其最佳估计的相关，低于 .90 时因子得分不宜用于个体排序。"
        return ("Variance is summed over items and includes what a factor shares with the others. Determinacy is the correlation of a "
                "factor with its best estimate; under .90, scores should not rank people.")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class LoadingIntervals(_BesideSolution):
    """Each loading with its error. Frame columns: ``item, factor, loading, se, low, high, reason``."""

    def title(self) -> str:
        return "载荷的区间" if self.language == "zh" else "Intervals of the loadings"

    def columns(self) -> tuple[Column, ...]:
        matrix = self.solution.matrix
        return (
            Column("item", {"en": "item", "zh": "题项"}, "text", dict(zip(matrix.names, matrix.labels, strict=True))),
            Column("factor", {"en": "factor", "zh": "因子"}, "text", self.words()),
            Column("loading", {"en": "loading", "zh": "载荷"}, "number"),
            Column("se", {"en": "SE", "zh": "标准误"}, "number", decimals=3),
            Column("low", {"en": "low", "zh": "下限"}, "number"),
            Column("high", {"en": "high", "zh": "上限"}, "number"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", REASONS),
        )

    def note(self) -> str:
        solution = self.solution.in_language(self.language)
        return solution._errors_said() + ("。" if self.language == "zh" else ".")


# --- scores ----------------------------------------------------------------------------------------------------


def score_weights(matrix: ItemMatrix, pattern: Pattern, method: ScoreMethod = "regression") -> Array:
    """(p, m) weights of standardised answers in factor scores.

    ``"regression"`` (Thurstone), ``R^-1 L phi``, correlates best with the factors. ``"bartlett"``,
    ``U^-1 L (L' U^-1 L)^-1``, is not drawn towards the mean. ``"tenBerge"`` gives scores that correlate as the factors do
    (ten Berge, Krijnen, Wansbeek and Shapiro 1999, Linear Algebra and its Applications 289, 311-318,
    doi:10.1016/S0024-3795(97)10007-6). Checked against R's psych 2.2.9 (tests/test_factors.py).

    >>> from servqual.correlations import ItemMatrix
    >>> matrix = ItemMatrix.from_matrix([[1, 0.56, 0.48], [0.56, 1, 0.42], [0.48, 0.42, 1]], 300)
    >>> pattern = explore_factors(matrix, 1).pattern
    >>> weights = score_weights(matrix, pattern)
    >>> round(float(np.sqrt(weights.T @ pattern.structure).item()), 3)  # correlation of score and factor
    0.876
    """
    check_choice("method", method, ScoreMethod)
    if method == "bartlett":
        if pattern.uniquenesses.min() <= LEAST_UNIQUE * 1.01:
            raise DataError("Bartlett's scores divide by what items have for themselves, and in this improper solution one has "
                            "nothing. Take method='regression', or fewer factors.")  # fmt: skip
        scaled = pattern.loadings / pattern.uniquenesses[:, None]
        return np.asarray(np.linalg.solve(scaled.T @ pattern.loadings, scaled.T).T)
    if not matrix.positive_definite:
        raise DataError("scores need a positive definite correlation matrix: leave out items that repeat others.")
    if method == "regression":
        return np.asarray(np.linalg.solve(matrix.correlation, pattern.structure))
    back = _power(matrix.correlation, -0.5)
    root = _power(pattern.phi, 0.5)
    turned = back @ pattern.loadings @ root
    return np.asarray(back @ turned @ _power(turned.T @ turned, -0.5) @ root)


def _power(matrix: Array, power: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 1e-300) ** power) @ vectors.T)


def _answers_of(answers: Responses | pd.DataFrame, matrix: ItemMatrix) -> pd.DataFrame:
    """(n, p) answers to the solution's items."""
    if isinstance(answers, Responses):
        sides = [side for side in answers.sides if matrix.of in side.forms]
        if matrix.of == "gap" and answers.pairing == "paired":
            return (answers.answers("perception") - answers.answers("expectation"))[list(matrix.names)]
        if not sides:
            raise SpecError(
                f"these responses hold no answers of the form '{matrix.of}' that the factors were found in."
            )
        answers = sides[0].answers(matrix.of)
    lacking = [name for name in matrix.names if name not in answers.columns]
    if lacking:
        raise DataError(f"scores need every item; the answers lack {', '.join(lacking)}.")
    return answers[list(matrix.names)]


_SCORE_WORDS: Mapping[str, Text] = {
    "regression": {"en": "regression scores", "zh": "回归法得分"},
    "bartlett": {"en": "Bartlett's scores", "zh": "Bartlett 得分"},
    "tenBerge": {"en": "correlation-preserving scores (ten Berge)", "zh": "保持相关的得分（ten Berge）"},
}


@dataclass(frozen=True, eq=False, repr=False)
class FactorScores(_BesideSolution):
    """Factor scores, one row per respondent. Frame columns: one for each factor, and ``reason``."""

    method: ScoreMethod = field(kw_only=True, default="regression")

    def title(self) -> str:
        return "因子得分" if self.language == "zh" else "Factor scores"

    def columns(self) -> tuple[Column, ...]:
        missing: Mapping[str, Text] = {
            "": {"en": "", "zh": ""},
            "missing": {"en": "an answer is missing", "zh": "有缺失回答"},
        }
        return (*(Column(name, label, "number") for name, label in self.words().items()),
                Column("reason", {"en": "remark", "zh": "备注"}, "text", missing))  # fmt: skip

    def shown(self) -> pd.DataFrame:
        """The first respondents; the frame has all."""
        return Result.shown(replace(self, frame=self.frame.head(_SHOWN)))

    def note(self) -> str:
        how, scored = say(_SCORE_WORDS[self.method], self.language), int((self.frame["reason"] == "").sum())
        without = len(self.frame) - scored
        if self.language == "zh":
            first = f"（仅显示前 {_SHOWN} 人）" if len(self.frame) > _SHOWN else ""
            return f"{how}，以样本标准差为单位；{scored:,} 人有得分，{without:,} 人因缺失回答无得分{first}。"
        first = f"; the first {_SHOWN} are shown" if len(self.frame) > _SHOWN else ""
        return f"{how[0].upper()}{how[1:]}, in standard deviations; {scored:,} respondents scored, {without:,} not for missing answers{first}."


# --- two solutions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class FactorCongruence(_BesideSolution):
    """How alike the factors of two solutions are. Frame columns: ``factor, matched, congruence, reason``.

    ``congruence = sum a b / sqrt(sum a^2 sum b^2)``, sign left aside. From .95 on two factors can be taken as the same, from
    .85 as similar (Lorenzo-Seva and ten Berge 2006, Methodology 2, 57-64, doi:10.1027/1614-2241.2.2.57).
    """

    items: int = field(kw_only=True)

    def title(self) -> str:
        return "两个因子解的一致性" if self.language == "zh" else "Congruence of two solutions"

    def columns(self) -> tuple[Column, ...]:
        alike: Mapping[str, Text] = {
            "same": {"en": "the same", "zh": "可视为相同"}, "similar": {"en": "similar", "zh": "相近"},
            "different": {"en": "different", "zh": "不同"}, "none": {"en": "no counterpart", "zh": "无对应因子"},
        }  # fmt: skip
        return (
            Column("factor", {"en": "factor", "zh": "因子"}, "text", self.words()),
            Column("matched", {"en": "of the other", "zh": "另一解的因子"}),
            Column("congruence", {"en": "congruence", "zh": "一致性系数"}, "number"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", alike),
        )

    def note(self) -> str:
        if self.language == "zh":
            return f"依据两解共有的 {self.items} 个题项；Tucker 一致性系数不低于 .95 可视为相同，不低于 .85 为相近。"
        return f"Over the {self.items} items that both have; Tucker's congruence of .95 or more means the same, .85 or more similar."


def tucker(first: Array, second: Array) -> Array:
    """(a, b) Tucker's coefficients of congruence of two sets of factors.

    >>> tucker(np.array([[0.8], [0.6]]), np.array([[-0.4], [-0.3]])).round(6).tolist()
    [[-1.0]]
    """
    lengths = np.outer(np.sqrt((first**2).sum(axis=0)), np.sqrt((second**2).sum(axis=0)))
    return np.asarray(first.T @ second / np.where(lengths > 0, lengths, 1.0))


def compare_factors(one: FactorSolution, other: FactorSolution) -> FactorCongruence:
    """Matches the factors of two solutions by their congruence over common items, whatever their order and signs.

    Congruence is Tucker's ``sum ab / sqrt(sum a² sum b²)``: from .95 factors count as the same, from .85 as similar
    (Lorenzo-Seva and ten Berge 2006, Methodology 2, 57-64, doi:10.1027/1614-2241.2.2.57).

    >>> from servqual.correlations import ItemMatrix
    >>> r = np.kron([[1, 0.3], [0.3, 1]], np.full((3, 3), 0.6))
    >>> np.fill_diagonal(r, 1)
    >>> found = explore_factors(ItemMatrix.from_matrix(r, 300), 2)
    >>> compare_factors(found, found).to_frame()["congruence"].round(6).tolist()
    [1.0, 1.0]
    """
    from scipy.optimize import linear_sum_assignment

    shared = [name for name in one.pattern.items if name in other.pattern.items]
    if len(shared) < 2:
        raise SpecError("the two solutions share fewer than two items: nothing to compare.")
    size = np.abs(tucker(one.loadings.loc[shared].to_numpy(), other.loadings.loc[shared].to_numpy()))
    rows, columns = linear_sum_assignment(-size)
    matched = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    lines = []
    for k, name in enumerate(one.pattern.factors):
        at = matched.get(k)
        value = float("nan") if at is None else float(size[k, at])
        alike = "none" if at is None else "same" if value >= 0.95 else "similar" if value >= 0.85 else "different"
        lines.append((name, "" if at is None else other.pattern.factors[at], value, alike))
    frame = pd.DataFrame(lines, columns=["factor", "matched", "congruence", "reason"])
    return FactorCongruence(frame, one.language, solution=one, items=len(shared))


# --- the verb --------------------------------------------------------------------------------------------------


def explore_factors(
    responses: Responses | ItemMatrix, factors: int | None = None, *, of: Of = "perception",
    missing: MissingRule = "listwise", kind: AskedKind = "pearson", method: Method = "minres",
    rotation: Rotation = "oblimin", kaiser: bool | None = None, target: ArrayLike | None = None, starts: int | None = None,
    seed: int = 0, cut: float = 0.3, interval: Interval | None = None, level: float = 0.95,
) -> FactorSolution:  # fmt: skip
    """Which factors lie behind the items, and what each item says of them.

    Parameters
    ----------
    responses : Responses, or an ItemMatrix (a printed correlation matrix with its n will do)
    factors : how many; by default as many as parallel analysis of components counts (at least 1), or the target has
    of, missing, kind : which correlations, as in :func:`servqual.correlations.item_matrix`
    method : ``"minres"``, ``"ml"`` or ``"pa"``, as in :func:`servqual.factors.extract`
    rotation : ``"oblimin"``, ``"promax"``, ``"geomin"``, ``"varimax"``, ``"target"`` or ``"none"``; ``"target"`` without ``target``
        aims at the instrument's dimensions: an item loads on its own and on no other
    kaiser, target : as in :func:`servqual.factors.rotate`
    starts : starting positions of an oblique rotation; 10, so that a local minimum does not go unseen
    seed : of the random starting positions
    cut : loadings below are blank when shown, and count as none in the remarks
    interval : Bootstrap(...) or Jackknife(), for errors of loadings; needs Responses
    level : confidence of the intervals

    Returns
    -------
    FactorSolution
        Factors by falling variance, pointing so that the sum of loadings is positive (those of a target as in the target).

    Notes
    -----
    Service quality dimensions correlate, so an oblique rotation is the default: with it a loading is a partial weight, not a
    correlation (that is ``solution.pattern.structure``). Loadings of .3 to .4 are customarily called salient; without an
    interval they are guesses in small samples. Chi-square and RMSEA are normal theory for independent answers.

    References
    ----------
    Fabrigar, Wegener, MacCallum and Strahan (1999), Psychological Methods 4, 272-299, doi:10.1037/1082-989X.4.3.272. Checked
    against R's psych 2.2.9 and ``factanal``, statsmodels and factor_analyzer (tests/test_factors.py).

    Examples
    --------
    >>> simple = np.kron(np.eye(2), [[0.8], [0.7], [0.6], [0.5]])
    >>> from servqual.factors.extraction import implied_by
    >>> exact = implied_by(simple, np.array([[1, 0.4], [0.4, 1]]))
    >>> solution = explore_factors(ItemMatrix.from_matrix(exact, 300), 2)
    >>> solution.loadings.abs().round(2).iloc[0].tolist(), round(float(solution.phi.iloc[0, 1]), 2)
    ([0.8, 0.0], 0.4)
    """
    check_between("cut", cut, 0, 1)
    check_between("level", level, 0, 1)
    check_choice("rotation", rotation, Rotation)
    matrix = item_matrix(responses, of=of, missing=missing, kind=kind)
    wanted, names = _target(matrix, target) if rotation == "target" else (None, ())
    if wanted is not None and factors not in (None, wanted.shape[1]):
        raise SpecError(
            f"factors={factors}, but the target has {wanted.shape[1]}: leave factors out, or give another target."
        )
    number, chosen = _number(matrix, wanted.shape[1] if wanted is not None else factors)
    check_factors(matrix.k, number)
    found = extract(matrix.correlation, number, method)
    turned = rotate(found.loadings, rotation, kaiser=kaiser, target=wanted, seed=seed,
                    starts=(1 if rotation in ("none", "varimax", "promax") else _STARTS) if starts is None else starts)  # fmt: skip
    errors = None
    if interval is not None:
        errors = loading_errors(
            _answered(responses), matrix, found, turned, method, rotation, kaiser, wanted, interval, level
        )
    pattern = Pattern(
        matrix.names, names or tuple(f"F{k + 1}" for k in range(number)), turned.loadings, turned.phi, errors
    )
    pattern = _in_order(pattern) if wanted is None else pattern.reflected(_facing(pattern.loadings, wanted))
    return FactorSolution.of(
        pattern, matrix, method=method, rotation=rotation, fit=_fit(matrix, pattern), converged=found.converged,
        settled=turned.converged, starts=turned.starts, reached=turned.reached,
        cut=cut, chosen=chosen, interval=interval, level=level,
    )  # fmt: skip


def _in_order(pattern: Pattern) -> Pattern:
    """Factors by falling variance, each pointing to where its loadings add up to more than 0; named in this order."""
    upright = pattern.reflected(np.where(pattern.loadings.sum(axis=0) < 0, -1.0, 1.0))
    return replace(upright.reordered(np.argsort(-upright.variance, kind="stable")), factors=pattern.factors)


def _facing(loadings: Array, wanted: Array) -> Array:
    """(m,) signs with which factors face their target: what it wants, or else where it leaves loadings free, is positive."""
    goal = np.where(np.isnan(wanted), 1.0, wanted) if not np.nan_to_num(wanted).any() else np.nan_to_num(wanted)
    return np.where((loadings * goal).sum(axis=0) < 0, -1.0, 1.0)


def _fit(matrix: ItemMatrix, pattern: Pattern) -> Fit:
    fit = fit_of(matrix.correlation, pattern.implied, matrix.n, len(pattern.factors))
    return Fit(fit.rmsr, fit.df, reason="polychoric") if matrix.kind == "polychoric" else fit


def _number(matrix: ItemMatrix, factors: int | None) -> tuple[int, Text]:
    if factors is not None:
        return factors, {}
    whole, _ = chance_eigenvalues(matrix.n, matrix.k, _REPLICATES, _SEED, matrix.thresholds)
    found = max(1, leading_run(eigenvalues(matrix.correlation), np.quantile(whole, _PERCENTILE, axis=0)))
    return found, {
        "en": f"the number of factors is that of parallel analysis (components, percentile 95 of {_REPLICATES:,}, seed {_SEED})",
        "zh": f"因子数取自平行分析（主成分，{_REPLICATES:,} 次随机数据的第 95 百分位，种子 {_SEED}）",
    }


def _target(matrix: ItemMatrix, target: ArrayLike | None) -> tuple[Array, tuple[str, ...]]:
    """The loadings wanted and names of their factors: as given, or each item on its own dimension only."""
    if target is not None:
        return np.asarray(target, float), ()
    names = matrix.dimension_ids
    if not names or "" in matrix.dimensions:
        raise SpecError(
            "rotation='target' aims at the items' dimensions, and some have none: give target=, one row per item."
        )
    own = np.array(matrix.dimensions)[:, None] == np.array(names)[None, :]
    return np.where(own, np.nan, 0.0), names


def _answered(responses: Responses | ItemMatrix) -> Responses:
    if isinstance(responses, ItemMatrix):
        raise SpecError("errors of loadings need the answers: give Responses, or leave interval out.")
    return responses
