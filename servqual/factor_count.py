"""How many factors? What chance alone would show, what is left between items once components are taken out, and old rules.

Every answer is a function of the correlation matrix and n, so a matrix printed in a paper will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from servqual.correlations import OF_WORDS, AskedKind, ItemMatrix, MissingRule, Of, item_matrix
from servqual.factors.chance import chance_eigenvalues, common_eigenvalues, eigenvalues, leading_run
from servqual.factors.extraction import degrees_of_freedom, discrepancy, extract, implied_by, most_factors
from servqual.responses import Responses
from survey_design.errors import SpecError, check_between
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Rule = Literal["parallel_components", "parallel_factors", "map", "map_fourth", "hull", "kaiser"]

RULES: Mapping[str, Text] = {
    "parallel_components": {"en": "parallel analysis, components", "zh": "平行分析（主成分）"},
    "parallel_factors": {"en": "parallel analysis, common factors", "zh": "平行分析（公因子）"},
    "map": {"en": "minimum average partial (squares)", "zh": "最小平均偏相关（平方）"},
    "map_fourth": {"en": "minimum average partial (fourth powers)", "zh": "最小平均偏相关（四次方）"},
    "hull": {"en": "hull of fit against parameters", "zh": "Hull 法（拟合与参数）"},
    "kaiser": {"en": "eigenvalues above 1 (usually too many)", "zh": "特征值大于 1（通常偏多）"},
}
COUNT_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "singular": {"en": "correlation matrix not positive definite", "zh": "相关矩阵非正定"},
    "no corner": {"en": "fit has no corner", "zh": "拟合曲线无拐点"},
    "polychoric": {"en": "thresholds unknown, chance as of Pearson correlations: may count too many", "zh": "阈值未知，随机基准按 Pearson 相关生成，可能偏多"},
}  # fmt: skip
_ADEQUACY: Sequence[tuple[float, Text]] = (
    (0.9, {"en": "marvellous", "zh": "极佳"}),
    (0.8, {"en": "meritorious", "zh": "良好"}),
    (0.7, {"en": "middling", "zh": "中等"}),
    (0.6, {"en": "mediocre", "zh": "一般"}),
    (0.5, {"en": "miserable", "zh": "较差"}),
    (-np.inf, {"en": "unacceptable", "zh": "不可接受"}),
)
_POOR_ITEM = 0.5
_DEFINITE = 1e-10
_NOTHING_LEFT = 1e-9
_LEAST_REPLICATES = 20


# --- is there anything to factor? ------------------------------------------------------------------------------


def kaiser_meyer_olkin(correlation: Array) -> tuple[float, Array]:
    """KMO of all items and (p,) of each: shared correlation against what is left between two items beside all others.

    ``sum r^2 / (sum r^2 + sum q^2)`` over pairs, with q the partial correlations given all other items. Near 1 where items
    share factors. Kaiser (1974), Psychometrika 39, 31-36, doi:10.1007/BF02291575. Checked against psych and factor_analyzer.

    >>> overall, items = kaiser_meyer_olkin(np.array([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]]))
    >>> round(overall, 4), items.round(4).tolist()
    (0.6923, [0.6923, 0.6923, 0.6923])
    """
    inverse = np.linalg.inv(correlation)
    scale = np.sqrt(np.diagonal(inverse))
    own, partial = correlation**2, (inverse / np.outer(scale, scale)) ** 2
    own, partial = own - np.diag(np.diagonal(own)), partial - np.diag(np.diagonal(partial))
    return float(own.sum() / (own.sum() + partial.sum())), own.sum(axis=0) / (own.sum(axis=0) + partial.sum(axis=0))


def bartlett_sphericity(correlation: Array, n: int) -> tuple[float, int, float]:
    """Chi-square, degrees of freedom and p of the hypothesis that no items correlate.

    ``-(n - 1 - (2 p + 5) / 6) log det R`` with ``p (p - 1) / 2`` degrees of freedom. With many answers it is always rejected.
    Bartlett (1950), British Journal of Psychology (Statistical Section) 3, 77-85, doi:10.1111/j.2044-8317.1950.tb00285.x.

    >>> chi2, df, p = bartlett_sphericity(np.array([[1, 0.3], [0.3, 1]]), 100)
    >>> round(chi2, 4), df, round(p, 4)
    (9.1953, 1, 0.0024)
    """
    from scipy.special import chdtrc

    p = len(correlation)
    chi2 = float(-(n - 1 - (2 * p + 5) / 6) * np.linalg.slogdet(correlation)[1])
    return chi2, p * (p - 1) // 2, float(chdtrc(p * (p - 1) / 2, max(chi2, 0.0)))


# --- minimum average partial, hull -----------------------------------------------------------------------------


def average_partials(correlation: Array) -> tuple[Array, Array]:
    """(p - 1,) average squared, and fourth power of, partial correlations after 0, 1, ... p - 2 components are taken out.

    What components leave between items first falls, as shared variance goes, and then rises again: the least is the count. From
    where an item has nothing left there are none (nan).
    Velicer (1976), Psychometrika 41, 321-327, doi:10.1007/BF02293557; fourth powers by Velicer, Eaton and Fava (2000).

    >>> average_partials(np.array([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]]))[0].round(4).tolist()
    [0.25, 0.25]
    """
    p = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    out = np.full((2, p - 1), np.nan)
    left, off = correlation.copy(), ~np.eye(p, dtype=bool)
    for m in range(p - 1):
        variance = np.diagonal(left)
        if variance.min() < _NOTHING_LEFT:
            break
        partial = (left / np.sqrt(np.outer(variance, variance)))[off]
        out[:, m] = (partial**2).mean(), (partial**4).mean()
        left = left - values[-1 - m] * np.outer(vectors[:, -1 - m], vectors[:, -1 - m])
    return out[0], out[1]


def comparative_fits(correlation: Array, n: int, most: int) -> Array:
    """(most + 1,) comparative fit index of 0 to ``most`` minres factors: 0 where nothing is explained, 1 where all of it is.

    ``1 - max(T - df, 0) / max(T0 - df0, T - df)`` with ``T = (n - 1) F`` and F the likelihood's discrepancy.
    """
    p = len(correlation)
    distance = [discrepancy(correlation, np.eye(p))]
    distance += [discrepancy(correlation, implied_by(extract(correlation, m).loadings)) for m in range(1, most + 1)]
    excess = (n - 1) * np.array(distance) - [degrees_of_freedom(p, m) for m in range(most + 1)]
    return np.asarray(1 - np.maximum(excess, 0.0) / np.maximum(np.maximum(excess[0], excess), 1e-12))


def hull(fit: ArrayLike, df: ArrayLike) -> tuple[int | None, Array]:
    """Where fit stops rising with parameters: the sharpest corner of the upper hull, and (k,) how sharp each is (nan off it).

    ``fit`` and ``df`` of 0, 1, 2, ... factors. Solutions that a simpler one outdoes, and those under the hull, are left out; of the
    rest the count has the greatest ratio of the slope before to the slope after it. Where no larger solution fits better, the slope
    after is 0 and the corner infinitely sharp. None where no corner is left. Lorenzo-Seva, Timmerman and Kiers (2011),
    Multivariate Behavioral Research 46, 340-364, doi:10.1080/00273171.2011.564527.

    >>> hull([0.1, 0.3, 0.9, 0.92, 0.93], [36, 27, 19, 12, 6])[0], hull([0, 0.99, 0.98], [36, 27, 19])[0]
    (2, 1)
    """
    height, used = np.asarray(fit, float), -np.asarray(df, float)
    kept: list[int] = []
    for k in np.flatnonzero(np.isfinite(height)).tolist():
        if kept and height[k] <= height[kept[-1]]:
            continue
        while len(kept) > 1 and _slope(height, used, kept[-2], kept[-1]) <= _slope(height, used, kept[-1], k):
            kept.pop()
        kept.append(k)
    sharp = np.full(len(height), np.nan)
    for before, at, after in zip(kept, kept[1:], kept[2:], strict=False):
        sharp[at] = _slope(height, used, before, at) / _slope(height, used, at, after)
    if len(kept) > 1 and kept[-1] < len(height) - 1:
        sharp[kept[-1]] = np.inf
    return (None if np.isnan(sharp).all() else int(np.nanargmax(sharp))), sharp


def _slope(height: Array, used: Array, a: int, b: int) -> float:
    return float((height[b] - height[a]) / (used[b] - used[a]))


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class FactorCount(Result):
    """How many factors each rule counts, with the eigenvalues behind it.

    Frame columns: ``criterion, count, reason``; a count that could not be made is missing, with its reason.

    Attributes
    ----------
    scree : one row for each number ``k`` from 0 to p: the k-th ``eigenvalue`` with ``chance, chance_high`` (mean and percentile of
        random data), the same of the reduced matrix (``reduced, reduced_chance, reduced_high``), average partials after k
        components (``map, map_fourth``), and of k factors ``hull_fit`` (:func:`comparative_fits`) and ``hull`` (:func:`hull`)
    kmo, kmo_items : sampling adequacy of all items and of each (nan where R is singular)
    bartlett : chi-square, df, p
    matrix : the ItemMatrix
    n : respondents that random data were drawn for
    percentile, replicates, seed : of the random data
    """

    scree: pd.DataFrame = field(kw_only=True)
    kmo: float = field(kw_only=True)
    kmo_items: Mapping[str, float] = field(kw_only=True)
    bartlett: tuple[float, int, float] = field(kw_only=True)
    matrix: ItemMatrix = field(kw_only=True)
    n: int = field(kw_only=True)
    percentile: float = field(kw_only=True)
    replicates: int = field(kw_only=True)
    seed: int = field(kw_only=True)

    @property
    def counts(self) -> dict[str, int | None]:
        """The count of each rule, None where it could not be made."""
        return {name: None if pd.isna(count) else int(count) for name, count in
                zip(self.frame["criterion"], self.frame["count"], strict=True)}  # fmt: skip

    def title(self) -> str:
        of = say(OF_WORDS[self.matrix.of], self.language)
        return f"因子个数：{of}" if self.language == "zh" else f"How many factors: {of}"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("criterion", {"en": "rule", "zh": "判定法"}, "text", RULES),
            Column("count", {"en": "factors", "zh": "因子数"}, "count"),
            Column("reason", {"en": "remark", "zh": "备注"}, "text", COUNT_REASONS),
        )

    def note(self) -> str:
        parts = [self.matrix.sentence(self.language).rstrip(".。"), self._adequate(), self._chance(), self._caution()]
        parts += [say(words, self.language) for words in self.matrix.warnings]
        said = [part[0].upper() + part[1:] for part in parts if part]
        return "。".join(said) + "。" if self.language == "zh" else ". ".join(said) + "."

    def sentence(self, language: Language | None = None) -> str:
        """The two parallel analyses and MAP against the dimensions of the instrument."""
        zh = (language or self.language) == "zh"
        shown = {name: "–" if count is None else str(count) for name, count in self.counts.items()}
        parallel, common, partial = (shown[name] for name in ("parallel_components", "parallel_factors", "map"))
        dimensions = len(self.matrix.dimension_ids)
        if zh:
            said = f"平行分析得到 {parallel} 个主成分、{common} 个公因子，最小平均偏相关得到 {partial} 个"
            return said + (f"；量表设有 {dimensions} 个维度。" if dimensions else "。")
        parts = " and ".join(
            f"{n} {word}{'' if n == '1' else 's'}" for n, word in ((parallel, "component"), (common, "common factor"))
        )
        said = (f"Parallel analysis counts {parts}, "
                f"the minimum average partial {partial}")  # fmt: skip
        return said + (f"; the instrument has {dimensions} dimension{'s' * (dimensions != 1)}." if dimensions else ".")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Eigenvalues against those of random data."""
        from servqual.plots.scree import draw_scree

        return draw_scree(self, ax)

    def in_language(self, language: Language) -> FactorCount:
        return replace(self, language=language, matrix=self.matrix.in_language(language))

    def _adequate(self) -> str:
        zh = self.language == "zh"
        if not np.isfinite(self.kmo):
            return (
                "相关矩阵非正定，无 KMO 与 Bartlett 检验"
                if zh
                else "no KMO and no Bartlett test: R is not positive definite"
            )
        word = say(adequacy(self.kmo), self.language)
        chi2, df, p = self.bartlett
        shown = "p < .001" if p < 0.0005 else "p = " + f"{p:.3f}".lstrip("0")
        said = f"KMO {self.kmo:.3f}（{word}）；Bartlett 球形检验 χ²({df}) = {chi2:,.2f}，{shown}" if zh else (
            f"KMO {self.kmo:.3f} ({word}); Bartlett's test of sphericity chi2({df}) = {chi2:,.2f}, {shown}")  # fmt: skip
        poor = [name for name, value in self.kmo_items.items() if value < _POOR_ITEM]
        if poor:
            said += (
                f"；KMO 低于 .50 的题项：{'、'.join(poor)}" if zh else f"; items with KMO under .50: {', '.join(poor)}"
            )
        return said

    def _chance(self) -> str:
        share = f"{100 * self.percentile:g}"
        if self.language == "zh":
            return (f"平行分析：{self.replicates:,} 个随机相关矩阵（n = {self.n:,}，种子 {self.seed}），"
                    f"真实特征值须依次高于其第 {share} 百分位；公因子以单因子共同度为对角线")  # fmt: skip
        return (f"parallel analysis: {self.replicates:,} random correlation matrices of n = {self.n:,} (seed {self.seed}); leading "
                f"eigenvalues count as long as they exceed percentile {share} of theirs; common factors with the communalities "
                "of one factor on the diagonal")  # fmt: skip

    def _caution(self) -> str:
        if not self.matrix.weighted:
            return ""
        return "随机数据视答卷为独立等权，加权或整群抽样时因子数可能偏多" if self.language == "zh" else (
            "chance is drawn for independent, equally weighted answers: with weights or clusters it may count too many; "
            "n= takes the effective number")  # fmt: skip


def adequacy(kmo: float) -> Text:
    """Kaiser's word for a KMO.

    >>> adequacy(0.93)["en"], adequacy(0.45)["zh"]
    ('marvellous', '不可接受')
    """
    return next(words for least, words in _ADEQUACY if kmo >= least)


# --- the verb --------------------------------------------------------------------------------------------------


def factor_count(
    responses: Responses | ItemMatrix, *, of: Of = "perception", missing: MissingRule = "listwise",
    kind: AskedKind = "pearson", percentile: float = 0.95, replicates: int = 1000, seed: int = 1, n: int | None = None,
) -> FactorCount:  # fmt: skip
    """How many factors the items have, counted by several rules.

    Parameters
    ----------
    responses : Responses, or an ItemMatrix
    of, missing, kind : which correlations, as in :func:`servqual.correlations.item_matrix`
    percentile : of random eigenvalues that real ones must exceed; .95 (Glorfeld 1995), or .5 for nearly Horn's mean
    replicates : random correlation matrices
    seed : of the random matrices
    n : respondents of the random data; by default those behind the matrix. Give the effective number of a clustered or
        weighted sample, n / deff.

    Returns
    -------
    FactorCount

    Notes
    -----
    Parallel analysis asks which eigenvalues exceed those of as many unrelated items and respondents (Horn 1965); it is the rule
    that simulations favour, on components when few strong factors are expected, on common factors when they correlate. MAP counts
    components until partial correlations stop falling (Velicer 1976) and tends to be low with few items per factor. Hull looks for
    the corner of comparative fit against parameters; it never says 0, nor more than parallel analysis. Rules that differ by one are usual;
    solutions of neighbouring numbers should then be compared by what their factors mean.

    References
    ----------
    Horn (1965), Psychometrika 30, 179-185, doi:10.1007/BF02289447. Glorfeld (1995), Educational and Psychological
    Measurement 55, 377-393, doi:10.1177/0013164495055003002. Checked against R's psych 2.2.9 and eigenvalues simulated
    in R (tests/test_factor_count.py).

    Examples
    --------
    >>> clean = np.kron(np.eye(2), np.full((4, 4), 0.5)) + 0.5 * np.eye(8)
    >>> count = factor_count(ItemMatrix.from_matrix(clean, 300))
    >>> count.counts["parallel_components"], count.counts["parallel_factors"], count.counts["map"]
    (2, 2, 2)
    """
    check_between("percentile", percentile, 0, 1)
    if replicates < _LEAST_REPLICATES:
        raise SpecError(f"replicates={replicates}: at least {_LEAST_REPLICATES} are needed, 1000 are usual.")
    matrix = item_matrix(responses, of=of, missing=missing, kind=kind)
    base = matrix.n if n is None else n
    if base < 3:
        raise SpecError(f"n={base}: random data need at least 3 respondents.")
    correlation = matrix.correlation
    definite = bool(np.linalg.eigvalsh(correlation)[0] > _DEFINITE)
    chance = chance_eigenvalues(base, matrix.k, replicates, seed, matrix.thresholds)
    scree = _scree(correlation, base, percentile, chance, definite)
    kmo, items = kaiser_meyer_olkin(correlation) if definite else (np.nan, np.full(matrix.k, np.nan))
    bartlett = bartlett_sphericity(correlation, base) if definite else (np.nan, matrix.k * (matrix.k - 1) // 2, np.nan)
    return FactorCount(
        _counted(scree, matrix.kind == "polychoric" and matrix.thresholds is None), matrix.language, scree=scree, kmo=kmo, matrix=matrix, n=base,
        kmo_items=dict(zip(matrix.names, items.tolist(), strict=True)), bartlett=bartlett, percentile=percentile,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def _scree(correlation: Array, n: int, percentile: float, chance: tuple[Array, Array], definite: bool) -> pd.DataFrame:
    """One row for each number of factors from 0 to p; nan where something is not defined."""
    p, (whole, common) = len(correlation), chance
    parts = {"eigenvalue": eigenvalues(correlation), "chance": whole.mean(axis=0),
             "chance_high": np.quantile(whole, percentile, axis=0), "reduced": common_eigenvalues(correlation),
             "reduced_chance": common.mean(axis=0), "reduced_high": np.quantile(common, percentile, axis=0)}  # fmt: skip
    columns = {name: np.append(np.nan, values) for name, values in parts.items()}
    if definite:
        columns["map"], columns["map_fourth"] = average_partials(correlation)
        columns["hull_fit"], columns["hull"] = _hull_of(correlation, n, _most_tried(parts))
    named = ("eigenvalue", "chance", "chance_high", "reduced", "reduced_chance", "reduced_high", "map", "map_fourth", "hull_fit",
             "hull")  # fmt: skip
    return pd.DataFrame({"k": np.arange(p + 1)} | {name: _padded(columns.get(name, ()), p + 1) for name in named})


def _padded(values: Any, size: int) -> Array:
    return np.append(values, np.full(size - len(values), np.nan))


def _most_tried(parts: Mapping[str, Array]) -> int:
    """One factor more than parallel analysis counts, but no more than the correlations can tell apart."""
    counts = (
        leading_run(parts["eigenvalue"], parts["chance_high"]),
        leading_run(parts["reduced"], parts["reduced_high"]),
    )
    return min(most_factors(len(parts["eigenvalue"])), max(counts) + 1)


def _hull_of(correlation: Array, n: int, most: int) -> tuple[Array, Array]:
    """Fit of 0 to ``most`` factors, and how sharp each corner is."""
    fits = comparative_fits(correlation, n, most)
    return fits, hull(fits, [degrees_of_freedom(len(correlation), m) for m in range(most + 1)])[1]


def _counted(scree: pd.DataFrame, without_cuts: bool) -> pd.DataFrame:
    """One row per rule."""
    seen = scree.iloc[1:]
    counts: dict[str, int | None] = {
        "parallel_components": leading_run(seen["eigenvalue"].to_numpy(), seen["chance_high"].to_numpy()),
        "parallel_factors": leading_run(seen["reduced"].to_numpy(), seen["reduced_high"].to_numpy()),
        "map": int(np.nanargmin(scree["map"])) if scree["map"].notna().any() else None,
        "map_fourth": int(np.nanargmin(scree["map_fourth"])) if scree["map_fourth"].notna().any() else None,
        "hull": int(np.nanargmax(scree["hull"])) if scree["hull"].notna().any() else None,
        "kaiser": int((seen["eigenvalue"] > 1).sum()),
    }
    singular, reasons = scree["map"].isna().all(), dict.fromkeys(counts, "")
    for name, count in counts.items():
        if count is None:
            reasons[name] = "singular" if singular else "no corner"
        elif without_cuts and name.startswith("parallel"):
            reasons[name] = "polychoric"
    whole = pd.array(list(counts.values()), dtype="Int64")
    return pd.DataFrame({"criterion": list(counts), "count": whole, "reason": list(reasons.values())})
