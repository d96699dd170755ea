"""Ways of weighing that ask nobody: equal weights, and weights from the table of units by indicators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from servqual.index_weights.found import Asked, Found, NumberTable, column, read_numbers, refuse, without_interval
from servqual.index_weights.simplex import Array
from servqual.index_weights.structure import (
    Recipe,
    component_weights,
    critic_parts,
    critic_weights,
    entropies,
    entropy_weights,
    rescaled,
    spread_weights,
    varying,
)
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Column, Result, Text

_FEWEST = 3  # units
_FEW = 10  # units per indicator below which components say little
_SPREAD_SAID: Text = {
    "en": "these weights say which indicators tell units apart, not which matter to customers",
    "zh": "此类权重反映哪些指标能区分单位，不代表对顾客的重要程度",
}


@dataclass(frozen=True)
class Equal:
    """Every indicator the same.

    >>> Equal().found(["care", "speed"], Asked()).weights.tolist()
    [0.5, 0.5]
    """

    name: ClassVar[str] = "equal"
    title: ClassVar[Text] = {"en": "equal weights", "zh": "等权重"}
    columns: ClassVar[tuple[Column, ...]] = ()

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from a table with a column per indicator, or a list of names."""
        if isinstance(table, pd.DataFrame):
            names, n = read_numbers(table, asked, "the table").names, len(table)
        elif isinstance(table, (str, int, float)) or table is None:
            raise SpecError(
                f"equal weights of what? Give a table with a column per indicator, or a list of names, not {table!r}."
            )
        else:
            names, n = tuple(str(name) for name in (asked.indicators or table)), 0
        if len(names) < 2 or len(set(names)) < len(names):
            raise SpecError(f"weights need two or more indicators, each once; got {', '.join(names) or 'none'}.")
        k = len(names)
        return Found(names, np.full(k, 1 / k), without_interval(k), without_interval(k), n)


# --- from units --------------------------------------------------------------------------------------------


def read_units(table: Any, asked: Asked) -> tuple[NumberTable, int]:
    """Units without a gap, and how many had one."""
    read = read_numbers(table, asked, "the table of units")
    whole = np.asarray(np.isfinite(read.values).all(axis=1))
    if whole.sum() < _FEWEST:
        empty = [
            name
            for name, column_ in zip(read.names, read.values.T, strict=True)
            if len(column_) and np.isnan(column_).all()
        ]
        said = f" Never given: {', '.join(empty)}." if empty else ""
        raise DataError(f"the table of units: {int(whole.sum())} of {len(whole)} have a value for every indicator; weights from data need "
                        f"{_FEWEST}.{said}")  # fmt: skip
    rows = np.flatnonzero(whole)
    kept = NumberTable(
        read.values[rows], tuple(read.units[i] for i in rows), read.names, tuple(read.lines[i] for i in rows)
    )
    return kept, int((~whole).sum())


def _faced(read: NumberTable, asked: Asked) -> Array:
    """(m, k) values, turned round where less is better."""
    signs = [-1.0 if asked.better.get(name, "higher") == "lower" else 1.0 for name in read.names]
    return np.asarray(read.values * signs)


def _resampled(x: Array, kernel: Callable[[Array], Array], asked: Asked) -> Array:
    """(replicates, k) weights of bootstrap samples of the units; rows in which nothing varied are left out."""
    generator = np.random.default_rng(asked.seed)
    found = np.array([kernel(x[generator.integers(0, len(x), len(x))]) for _ in range(asked.replicates)]).reshape(
        asked.replicates, x.shape[1]
    )
    return np.asarray(found[np.isfinite(found).all(axis=1)])


def _from_units(
    read: NumberTable, dropped: int, x: Array, kernel: Callable[[Array], Array], asked: Asked, more: dict[str, Any],
    remarks: Sequence[Text] = (), components: Result | None = None,
) -> Found:  # fmt: skip
    """Weights of one kernel with their bootstrap, and what is said of the units."""
    differs, k = varying(x), x.shape[1]
    if not differs.any():
        raise DataError(
            f"the table of units: every indicator is the same in all {len(x)} units ({', '.join(read.names)}): nothing to weigh by."
        )
    weights = kernel(x)
    if not np.isfinite(weights).all():
        raise DataError(
            "the table of units: indicators that vary all say the same, so that nothing is left to share out. Take other indicators."
        )
    draws = _resampled(x, kernel, asked) if asked.replicates else np.empty((0, k))
    low = high = without_interval(k)
    if len(draws):
        low, high = np.quantile(draws, [(1 - asked.level) / 2, (1 + asked.level) / 2], axis=0)
    low, high = np.where(differs, low, np.nan), np.where(differs, high, np.nan)
    base: Text = {"en": f"{len(x):,} units" + (f", {dropped:,} with gaps left out" if dropped else ""),
                  "zh": f"{len(x):,} 个单位" + (f"，另有 {dropped:,} 个因缺失未计入" if dropped else "")}  # fmt: skip
    lost = asked.replicates - len(draws)
    how: Text = {"en": f"bootstrap of units, {len(draws):,} samples (seed {asked.seed}), percentiles"
                       + (f"; {lost:,} in which nothing varied left out" if lost else ""),
                 "zh": f"对单位自助抽样 {len(draws):,} 次（种子 {asked.seed}），分位数法" + (f"；{lost:,} 次因无变异未计入" if lost else "")}  # fmt: skip
    return Found(read.names, weights, low, high, len(x), dropped, more, ["" if moves else "constant" for moves in differs], draws,
                 read.units, how if len(draws) else {}, (base, *remarks, _SPREAD_SAID), components=components)  # fmt: skip


@dataclass(frozen=True)
class Entropy:
    """Entropy weights: the more unequally an indicator is spread over the units, the more it weighs.

    Attributes
    ----------
    rescale : False takes the values as they are (0 or more); True first moves each indicator to 0 to 1 by its least and greatest
        value, in the direction in which more is better. The two differ much, since adding a constant changes entropy: say
        which was used

    >>> Entropy().name
    'entropy'
    """

    rescale: bool = False
    name: ClassVar[str] = "entropy"
    title: ClassVar[Text] = {"en": "entropy", "zh": "熵权法"}
    columns: ClassVar[tuple[Column, ...]] = (
        column("entropy", "entropy", "信息熵", 4),
        column("redundancy", "1 − entropy", "差异系数", 4),
    )

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from units (rows) by indicators."""
        read, dropped = read_units(table, asked)
        x = _faced(read, asked)
        if self.rescale:
            x = rescaled(x)
        else:
            _refuse_for_entropy(read, asked)
        e = entropies(np.where(varying(x), x, 1.0))
        way: Text = {"en": "values rescaled to 0 to 1 first" if self.rescale else "values as they are, not rescaled",
                     "zh": "先按极差归一到 0–1" if self.rescale else "按原值计算，未归一"}  # fmt: skip
        kernel = _entropy_of_rescaled if self.rescale else _entropy_of_values
        return _from_units(read, dropped, x, kernel, asked, {"entropy": e, "redundancy": 1 - e}, (way,))


def _entropy_of_values(x: Array) -> Array:
    return entropy_weights(np.where(varying(x), x, 1.0))


def _entropy_of_rescaled(x: Array) -> Array:
    return _entropy_of_values(rescaled(x))


def _refuse_for_entropy(read: NumberTable, asked: Asked) -> None:
    """Shares need values of 0 or more, and a sum."""
    lower = [name for name in read.names if asked.better.get(name, "higher") == "lower"]
    if lower:
        raise SpecError(f"entropy of values as they are has no direction, but less is better for {', '.join(lower)}. "
                        "Pass Entropy(rescale=True).")  # fmt: skip
    faults = [read.case(i, j, "below 0") for i, j in np.argwhere(read.values < 0)]
    refuse(
        faults,
        "the table of units",
        "Entropy needs shares, so values of 0 or more; Entropy(rescale=True) moves each indicator to 0 to 1",
    )


@dataclass(frozen=True)
class Critic:
    """CRITIC: an indicator weighs more if it varies and if it does not say what the others say.

    >>> Critic().name
    'critic'
    """

    name: ClassVar[str] = "critic"
    title: ClassVar[Text] = {"en": "CRITIC", "zh": "CRITIC 法"}
    columns: ClassVar[tuple[Column, ...]] = (
        column("spread", "spread (0 to 1)", "标准差（归一后）"),
        column("conflict", "conflict", "冲突性", 2),
    )

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from units (rows) by indicators."""
        read, dropped = read_units(table, asked)
        x = _faced(read, asked)
        spread, conflict = critic_parts(x)
        return _from_units(read, dropped, x, critic_weights, asked, {"spread": spread, "conflict": conflict})


@dataclass(frozen=True)
class Spread:
    """Weights by the standard deviation of each indicator after it was rescaled to 0 to 1.

    >>> Spread().name
    'sd'
    """

    name: ClassVar[str] = "sd"
    title: ClassVar[Text] = {"en": "standard deviation", "zh": "标准差法"}
    columns: ClassVar[tuple[Column, ...]] = (column("spread", "spread (0 to 1)", "标准差（归一后）"),)

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from units (rows) by indicators."""
        read, dropped = read_units(table, asked)
        x = _faced(read, asked)
        return _from_units(read, dropped, x, spread_weights, asked, {"spread": critic_parts(x)[0]})


# --- principal components ----------------------------------------------------------------------------------

_RECIPES: dict[str, Text] = {
    "retained": {"en": "|loadings| on components with an eigenvalue above 1, weighted by their share of the variance retained",
                 "zh": "特征值大于 1 的主成分上载荷的绝对值，按保留方差占比加权"},
    "first": {"en": "|loadings| on the first component", "zh": "第一主成分载荷的绝对值"},
    "oecd": {"en": "largest squared loading after varimax on components with an eigenvalue above 1 (OECD handbook)",
             "zh": "特征值大于 1 的主成分经方差最大旋转后的最大载荷平方（OECD 手册）"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ComponentTable(Result):
    """Principal components: ``component, eigenvalue, share, retained``.

    Attributes
    ----------
    loadings : DataFrame, indicators by retained components
    """

    loadings: pd.DataFrame = None  # type: ignore[assignment]

    def title(self) -> str:
        return "主成分" if self.language == "zh" else "Principal components"

    def columns(self) -> tuple[Column, ...]:
        kept: Any = {True: {"en": "retained", "zh": "保留"}, False: {"en": "", "zh": ""}}
        return (
            Column("component", {"en": "component", "zh": "主成分"}),
            column("eigenvalue", "eigenvalue", "特征值", 2),
            Column("share", {"en": "share of variance", "zh": "方差占比"}, "share"),
            Column("retained", {"en": "retained", "zh": "是否保留"}, "text", kept),
        )


@dataclass(frozen=True)
class PrincipalComponents:
    """Weights from principal components of the indicators' correlations.

    Attributes
    ----------
    recipe : "retained" (default), "first" or "oecd"; see :func:`~servqual.index_weights.structure.component_weights`

    >>> PrincipalComponents("oecd").name
    'pca'
    """

    recipe: Recipe = "retained"
    name: ClassVar[str] = "pca"
    title: ClassVar[Text] = {"en": "principal components", "zh": "主成分分析"}
    columns: ClassVar[tuple[Column, ...]] = (column("loading", "loading, first component", "第一主成分载荷", 2),)

    def __post_init__(self) -> None:
        check_choice("recipe", self.recipe, Recipe)

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from units (rows) by indicators."""
        read, dropped = read_units(table, asked)
        x = _faced(read, asked)
        parts = component_weights(x, self.recipe)
        q, k = parts.loadings.shape[1], len(read.names)
        share = parts.eigenvalues / max(parts.eigenvalues.sum(), 1e-300)
        frame = pd.DataFrame({"component": [str(j + 1) for j in range(k)], "eigenvalue": parts.eigenvalues, "share": share,
                              "retained": np.arange(k) < q})  # fmt: skip
        shown = ComponentTable(frame, loadings=pd.DataFrame(parts.loadings, index=list(read.names)))
        remarks = (_RECIPES[self.recipe], *_fitness(x), *_against(read.names, parts.loadings[:, 0], asked))
        return _from_units(read, dropped, x, lambda part: component_weights(part, self.recipe).weights, asked,
                           {"loading": parts.loadings[:, 0]}, remarks, shown)  # fmt: skip


def _fitness(x: Array) -> tuple[Text, ...]:
    """Whether the correlations carry components at all: KMO and Bartlett's test."""
    from servqual.factor_count import bartlett_sphericity, kaiser_meyer_olkin

    used = x[:, varying(x)]
    m, k = used.shape
    few: tuple[Text, ...] = ({"en": f"fewer than {_FEW} units per indicator: components vary much from sample to sample",
                              "zh": f"每个指标不足 {_FEW} 个单位，主成分很不稳定"},) if m < _FEW * k else ()  # fmt: skip
    if k < 2 or m <= k or np.linalg.eigvalsh(np.corrcoef(used.T))[0] < 1e-10:
        return ({"en": "no KMO: indicators are linear combinations of each other, or units too few",
                 "zh": "无法计算 KMO：指标线性相关，或单位过少"}, *few)  # fmt: skip
    correlation = np.corrcoef(used.T)
    kmo = kaiser_meyer_olkin(correlation)[0]
    chi2, df, p = bartlett_sphericity(correlation, m)
    shown = "p < .001" if p < 0.0005 else f"p = {p:.3f}".replace("0.", ".", 1)
    return ({"en": f"KMO {kmo:.2f}, Bartlett's test χ²({df}) = {chi2:.1f}, {shown}",
             "zh": f"KMO {kmo:.2f}，Bartlett 检验 χ²({df}) = {chi2:.1f}，{shown}"}, *few)  # fmt: skip


def _against(names: Sequence[str], loading: Array, asked: Asked) -> tuple[Text, ...]:
    """Which indicators run against the rest, since their weight hides it."""
    odd = [(name, value) for name, value in zip(names, loading, strict=True) if value < -0.1]
    if not odd:
        return ()
    said = {language: glue.join(f"{asked.label(name, language)} (−{-value:.2f})" if language == "en" else
                                f"{asked.label(name, language)}（−{-value:.2f}）" for name, value in odd)
            for language, glue in (("en", ", "), ("zh", "、"))}  # fmt: skip
    return ({"en": f"against the others on the first component, which their weight does not show: {said['en']}; is less better there?",
             "zh": f"在第一主成分上与其他指标反向（权重不反映方向）：{said['zh']}，请核对是否为逆向指标"},)  # fmt: skip
