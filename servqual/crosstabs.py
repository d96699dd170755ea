"""Do groups answer differently? Tables of shares, and tests of independence and of ranks, under the sample design.

Customers of one store resemble each other. Pearson's chi-square takes them for independent and so finds differences too
often; Rao and Scott's correction asks how much more the shares vary than they would in a simple random sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.counts import Counts
from servqual.inference import (
    NARROW,
    NUMBER_COLUMNS,
    Interval,
    Spread,
    Student,
    Term,
    check_drawn,
    choose_interval,
    inside_one_cluster,
    is_narrow,
    logit_interval,
    within_one_cluster,
)
from servqual.moments import Cells, Moments, row_weights
from servqual.regression import fit_linear
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Result, Text, say
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
ShareOf = Literal["column", "row", "total"]

_FEW = 5  # answers in a cell below which a chi-square is not to be trusted
_MOST_CELLS = 500
_NAMES = frozenset(["share", "se", "low", "high", "n", "n_base", "df", "reason"])


@dataclass(frozen=True)
class RaoScott:
    """Rao and Scott's test that rows and columns of a table are independent, or the reason why there is none.

    Attributes
    ----------
    f, df1, df2, p : second-order correction: F = X²/sum of the generalised design effects
    pearson : Pearson's X² of the weighted shares, at the number of respondents
    deff : mean of the generalised design effects; X² is too large by about this factor
    first_order, first_order_df, first_order_p : X²/deff as chi-square
    n, n_few : respondents, and cells with fewer than 5 of them
    reason : why there is no test, empty where there is one

    >>> RaoScott("mood", "tier", 3.2, 1.8, 34.1, 0.058, 14.4, 2.5, 5.76, 2, 0.056, 240, 0).sentence()
    'Rao-Scott F(1.8, 34.1) = 3.20, p = .058 (n = 240, mean deff 2.50): that mood does not depend on tier is not rejected at 5%.'
    """

    row: str
    column: str
    f: float
    df1: float
    df2: float
    p: float
    pearson: float
    deff: float
    first_order: float
    first_order_df: int
    first_order_p: float
    n: int
    n_few: int
    reason: Text = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """The null hypothesis, the test and its verdict in words."""
        zh = language == "zh"
        if self.reason:
            reason = say(self.reason, language)
            return f"未作独立性检验（{self.row}、{self.column}）：{reason}。" if zh else (
                f"No test of independence of {self.row} and {self.column}: {reason}.")  # fmt: skip
        test = f"Rao{'–' if zh else '-'}Scott F({self.df1:.1f}, {self.df2:.1f}) = {self.f:.2f}, p {_p(self.p)}"
        rejected = self.p < 0.05
        if zh:
            few = f"{self.n_few} 个单元格不足 {_FEW} 人，检验不可靠。" if self.n_few else ""
            verdict = "拒绝" if rejected else "不能拒绝"
            return f"{test}（n = {self.n}，平均设计效应 {self.deff:.2f}）：在 5% 水平上{verdict}“{self.row}与{self.column}无关”。{few}"  # fmt: skip
        few = f" {self.n_few} cells hold fewer than {_FEW} respondents: do not lean on this test." if self.n_few else ""
        verdict = "is rejected" if rejected else "is not rejected"
        return f"{test} (n = {self.n}, mean deff {self.deff:.2f}): that {self.row} does not depend on {self.column} {verdict} at 5%.{few}"  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class CrossTable(Result):
    """Shares of a two-way table with their errors: one line per cell.

    Frame columns: the column variable, the row variable, ``share, se, low, high, n, n_base, df, reason``. ``n`` counts the
    respondents of the cell, ``n_base`` those that the share is taken of.

    Attributes
    ----------
    test : RaoScott
    """

    row: str = ""
    column: str = ""
    share_of: ShareOf = "column"
    test: RaoScott | None = None
    n_dropped: int = 0
    level: float = 0.95
    interval: Interval = field(default_factory=Student)
    design: SampleDesign = field(default_factory=SampleDesign)
    narrow: tuple[Any, ...] | None = (
        None  # groups whose weight few clusters carry; none named where there are no groups
    )

    def title(self) -> str:
        return (
            f"{self.row} × {self.column} 的比例" if self.language == "zh" else f"Shares of {self.row} by {self.column}"
        )

    def columns(self) -> tuple[Column, ...]:
        share = Column("share", {"en": "share", "zh": "比例"}, "share")
        base = Column("n_base", {"en": "of", "zh": "基数"}, "count")
        bounds = (Column(name, NUMBER_COLUMNS[name].label, "share") for name in ("low", "high"))
        named = (Column(name, {"en": name}) for name in (self.column, self.row))
        return (*named, share, NUMBER_COLUMNS["se"], *bounds, NUMBER_COLUMNS["n"], base, NUMBER_COLUMNS["df"], NUMBER_COLUMNS["reason"])  # fmt: skip

    def note(self) -> str:
        zh, how, design = (
            self.language == "zh",
            self.interval.sentence(self.language),
            self.design.sentence(self.language),
        )
        test = self.test.sentence(self.language) if self.test else ""
        whole = {
            "column": {"en": f"Shares within each {self.column}", "zh": f"比例以各{self.column}为基数"},
            "row": {"en": f"Shares within each {self.row}", "zh": f"比例以各{self.row}为基数"},
            "total": {"en": "Shares of all", "zh": "比例以全体为基数"},
        }[self.share_of]
        if zh:
            return f"{whole['zh']}；剔除 {self.n_dropped:,} 行（有缺失）；{100 * self.level:g}% logit 区间，{how}。{test}{design}{self._too_narrow()}"
        dropped = f"{self.n_dropped:,} rows dropped for something missing"
        return f"{whole['en']}; {dropped}; {100 * self.level:g}% logit intervals, {how}. {test} {design}{self._too_narrow()}"

    def _too_narrow(self) -> str:
        """That few clusters carry the weight; empty where they don't."""
        if self.narrow is None:
            return ""
        zh = self.language == "zh"
        rows = ("、" if zh else ", ").join(map(str, self.narrow))
        said = say(NARROW, self.language).format(rows="" if not rows else f"（{rows}）" if zh else f" ({rows})")
        return f"{said}。" if zh else f" {said[0].upper()}{said[1:]}."

    def to_wide(self) -> pd.DataFrame:
        """The shares as a table with rows and columns."""
        first = [list(dict.fromkeys(self.frame[name])) for name in (self.row, self.column)]
        wide = self.frame.pivot(index=self.row, columns=self.column, values="share")
        return wide.loc[first[0], first[1]]


def crosstab(
    frame: pd.DataFrame,
    row: str,
    column: str,
    design: SampleDesign | None = None,
    *,
    share_of: ShareOf = "column",
    interval: Interval | None = None,
    level: float = 0.95,
) -> CrossTable:
    """A two-way table of weighted shares with design-based intervals, and Rao and Scott's test of independence.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; rows with either value missing are dropped and counted
    row, column : what was answered, and the groups that are compared; any columns with few different values
    design : SampleDesign, optional
    share_of : {"column", "row", "total"}
        What a share is taken of: shares of the answers within each group ("column") add up to 1 in every group.
    interval : Taylor() or Student(); by default Taylor where a design is described, else Student
    level : confidence of the intervals, which are made on the logit scale

    Returns
    -------
    CrossTable
        ``.test`` holds the test, ``.to_wide()`` the shares as a table.

    Notes
    -----
    With weighted cell shares p, Pearson's statistic is ``X² = n sum (p - p_row p_column)² / (p_row p_column)``. Under a
    design it is distributed like a weighted sum of squared normal variables. The weights are the eigenvalues of the
    generalised design effects Δ, which compare the design's covariance V of p with that of a simple random sample along
    the contrasts C of the interaction; D holds p on its diagonal::

        Δ = (C' D⁻¹ C / n)⁻¹ (C' D⁻¹ V D⁻¹ C),   F = X² / tr Δ,   df1 = (tr Δ)² / tr Δ²,   df2 = df1 (clusters - strata)

    The first-order correction refers X²/mean(diag Δ) to chi-square with (r - 1)(c - 1) degrees of freedom. In a cell whose
    share is 0 or 1 there is no logit interval.

    References
    ----------
    Rao and Scott (1984), Ann. Statist. 12, 46-60, doi:10.1214/aos/1176346391. Checked against ``svychisq`` and ``svyby`` of
    R's ``survey`` 4.1 (tests/test_crosstabs.py).

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame(
    ...     {
    ...         "store": [k // 6 for k in range(48)],
    ...         "tier": ["street"] * 24 + ["flagship"] * 24,
    ...         "returns": [1, 0, 1, 0, 0, 1] * 4 + [1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1] * 2,
    ...     }
    ... )
    >>> table = crosstab(visits, "returns", "tier", SampleDesign(strata="tier", clusters="store"))
    >>> table.to_wide().round(3).to_numpy().tolist()
    [[0.25, 0.5], [0.75, 0.5]]
    """
    check_between("level", level, 0, 1)
    check_choice("share_of", share_of, ShareOf)
    design = design or SampleDesign()
    chosen = choose_interval(design, interval)
    _check_pair(frame, row, column)
    check_drawn(frame, design)
    pair = _Pair.of(frame, row, column, design)
    joint = pair.joint()
    term, share = _share_terms(joint, ())
    test = _rao_scott(pair.names, share.reshape(pair.counts.shape), _spread(joint, term, chosen)[0], pair.counts)
    table = pair.table(share_of, chosen, level)
    narrow = pair.narrow(share_of, chosen, table)
    return CrossTable(table, "en", row, column, share_of, test, len(frame) - pair.n, level, chosen, design, narrow)


def _check_pair(frame: pd.DataFrame, row: str, column: str) -> None:
    check_columns([row, column], frame.columns, "the data")
    if row == column:
        raise SpecError(f"row and column are both {row!r}. Name two columns.")
    taken = sorted({row, column} & _NAMES)
    if taken:
        raise SpecError(f"{', '.join(taken)}: tables have a column of that name. Rename it in the data.")


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two columns as codes.

    Attributes
    ----------
    frame, design : the rows, complete or not
    names, values : the two columns, row variable first, and the values of each
    codes : (n,) position of each row's value, nan where either is missing
    weight : (n,) or None
    counts : (rows, columns) respondents
    """

    frame: pd.DataFrame
    design: SampleDesign
    names: tuple[str, str]
    values: tuple[list[Any], list[Any]]
    codes: tuple[Array, Array]
    weight: Array | None
    counts: Array

    @classmethod
    def of(cls, frame: pd.DataFrame, row: str, column: str, design: SampleDesign) -> _Pair:
        complete = frame[[row, column]].notna().all(axis=1).to_numpy()
        if not complete.any():
            raise DataError(f"no row has both {row!r} and {column!r}.")
        values = (_values(frame[row][complete]), _values(frame[column][complete]))
        r, c = len(values[0]), len(values[1])
        if r * c > _MOST_CELLS:
            raise SpecError(
                f"{row!r} and {column!r} have {r} and {c} different values: too many for a table. Group them first."
            )
        first, second = (np.where(complete, pd.Index(own).get_indexer(frame[name]), np.nan)
                         for name, own in zip((row, column), values, strict=True))  # fmt: skip
        place = (first * c + second)[complete].astype(int)
        counts = np.bincount(place, minlength=r * c).reshape(r, c)
        return cls(frame, design, (row, column), values, (first, second), row_weights(frame, design), counts)

    @property
    def n(self) -> int:
        """Rows with both values."""
        return int(self.counts.sum())

    def table(self, share_of: ShareOf, interval: Interval, level: float) -> pd.DataFrame:
        """One line per cell, the column variable's first value first."""
        places = [(i, j) for j in range(len(self.values[1])) for i in range(len(self.values[0]))]
        numbers = self._of_total(interval, level) if share_of == "total" else self._of_groups(share_of, interval, level)
        base = {"column": self.counts.sum(axis=0)[None, :], "row": self.counts.sum(axis=1)[:, None], "total": self.n}[
            share_of
        ]
        bases = np.broadcast_to(base, self.counts.shape)
        return pd.DataFrame([
            {self.names[1]: self.values[1][j], self.names[0]: self.values[0][i], **numbers[i, j],
             "n": int(self.counts[i, j]), "n_base": int(bases[i, j])} for i, j in places
        ])[[self.names[1], self.names[0], "share", "se", "low", "high", "n", "n_base", "df", "reason"]]  # fmt: skip

    def _of_groups(self, share_of: ShareOf, interval: Interval, level: float) -> dict[tuple[int, int], Any]:
        """Shares of one variable's values within each value of the other."""
        shared = 0 if share_of == "column" else 1
        group, answers = 1 - shared, np.arange(len(self.values[shared]))
        moments = self._moments(self.codes[shared], len(answers), (self.names[group],))
        found = {}
        for g, label in enumerate(self.values[group]):
            for a, line in zip(answers, _lines(moments, (label,), interval, level), strict=True):
                found[(int(a), g) if shared == 0 else (g, int(a))] = line
        return found

    def _of_total(self, interval: Interval, level: float) -> dict[tuple[int, int], Any]:
        lines = _lines(self.joint(), (), interval, level)
        return {(k // self.counts.shape[1], k % self.counts.shape[1]): line for k, line in enumerate(lines)}

    def narrow(self, share_of: ShareOf, interval: Interval, table: pd.DataFrame) -> tuple[Any, ...] | None:
        """The groups whose weight few clusters carry; None where there are none."""
        if isinstance(interval, Student):
            return None
        if share_of == "total":
            return () if is_narrow(self.joint(), [[[()]]], table["df"].to_numpy(float)) else None
        group = 1 if share_of == "column" else 0
        moments = self._moments(self.codes[1 - group], len(self.values[1 - group]), (self.names[group],))
        found = []
        for label in self.values[group]:
            df = table.loc[table[self.names[group]] == label, "df"].to_numpy(float)
            if not within_one_cluster(moments, [(label,)]) and is_narrow(moments, [[[(label,)]]], df):
                found.append(label)
        return tuple(found) or None

    def joint(self) -> Moments:
        """Moments of the indicators of all cells, row by row."""
        return self._moments(self.codes[0] * self.counts.shape[1] + self.codes[1], self.counts.size, ())

    def _moments(self, code: Array, k: int, by: tuple[str, ...]) -> Moments:
        counts = Counts.from_cells({"cell": code}, Cells.of(self.frame, self.design, by), self.weight)
        return counts.moments("cell", {str(a): counts.values("cell") == a for a in range(k)})


def _lines(moments: Moments, domain: tuple[Any, ...], interval: Interval, level: float) -> list[Mapping[str, Any]]:
    """The numbers of all shares of one domain."""
    n = moments.total(moments.in_domain(domain), 0)[0, 1]
    term, share = _share_terms(moments, domain)
    spread, remark = _spread(moments, term, interval)
    low, high = logit_interval(share, spread.se, spread.df, level)
    se = np.where(np.isnan(low), np.nan, spread.se)
    reason = np.where(np.isnan(low), "no interval", remark)
    reason = np.where(spread.df > 0, reason, "one answer" if n == 1 else "no df")
    columns = {"share": share, "se": se, "low": low, "high": high, "df": spread.df, "reason": reason}
    return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]


def _values(column: pd.Series) -> list[Any]:
    """The values that occur: in the order of the categories, else rising."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [value for value in column.cat.categories if (column == value).any()]
    distinct = list(pd.unique(column))
    return sorted(distinct) if _is_numeric(column) else sorted(distinct, key=str)


def _is_numeric(column: pd.Series) -> bool:
    """True for numbers, also where gaps made the column one of objects."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    return pd.api.types.is_numeric_dtype(column) or kind in ("integer", "floating", "mixed-integer-float")


def _share_terms(moments: Moments, domain: tuple[Any, ...]) -> tuple[Term, Array]:
    """Influence of the rows of a domain on the weighted mean of every score, and these means."""
    m = len(moments.map.scores)
    base, means = moments.total(moments.in_domain(domain))[0, 1], moments.means(domain)
    coefficients = np.concatenate([np.zeros((m, 1)), -means[:, None], np.eye(m)], axis=1) / base
    return Term(domain, coefficients, np.ones((m, 1), dtype=int)), means


def _spread(moments: Moments, term: Term, interval: Interval) -> tuple[Spread, str]:
    """Spread of the shares of a domain, and the remark where it lies in a single cluster."""
    if within_one_cluster(moments, [term.domain]):
        return inside_one_cluster(moments, [term]), "one cluster"
    return interval.spread(moments, [term]), ""


def _rao_scott(names: tuple[str, str], share: Array, spread: Spread, counts: Array) -> RaoScott:
    """The test from (r, c) shares, the covariance of their (r c) flattened values, and the design's df."""
    from scipy.special import chdtrc, fdtrc

    n, nan, nu = int(counts.sum()), float("nan"), float(spread.df[0])
    df, n_few = (counts.shape[0] - 1) * (counts.shape[1] - 1), int((counts < _FEW).sum())
    reason: Text = {}
    if df == 0:
        reason = {"en": "one of them takes a single value", "zh": "其中一个变量只有一个取值"}
    elif not nu > 0:
        reason = {"en": "no degrees of freedom: one cluster per stratum", "zh": "自由度为零：每层仅一个群"}
    delta = None if reason else _design_effects(share, spread.covariance, n)
    if delta is None or not np.trace(delta) > 0:
        reason = reason or {"en": "too many empty cells", "zh": "空单元格过多"}
        return RaoScott(*names, nan, nan, nan, nan, nan, nan, nan, df, nan, n, n_few, reason)
    pearson = _pearson(share, n)
    trace = float(np.trace(delta))
    df1 = trace**2 / float(np.trace(delta @ delta))
    f, mean = pearson / trace, trace / df
    return RaoScott(*names, f, df1, df1 * nu, float(fdtrc(df1, df1 * nu, f)), pearson, mean, pearson / mean, df,
                    float(chdtrc(df, pearson / mean)), n, n_few)  # fmt: skip


def _pearson(share: Array, n: int) -> float:
    """Pearson's X² of (r, c) shares of n respondents."""
    expected = np.outer(share.sum(axis=1), share.sum(axis=0))
    return float(n * ((share - expected) ** 2 / expected).sum())


def _design_effects(share: Array, covariance: Array, n: int) -> Array | None:
    """(df, df) generalised design effects of the interaction contrasts; None where empty cells leave them open."""
    contrasts = np.kron(_contrasts(share.shape[0]), _contrasts(share.shape[1]))
    p = share.ravel()
    over = contrasts * np.divide(1, p, out=np.zeros_like(p), where=p > 0)[:, None]
    simple = contrasts.T @ over / n
    if np.linalg.cond(simple) > 1e12:
        return None
    return np.asarray(np.linalg.solve(simple, over.T @ covariance @ over))


def _contrasts(k: int) -> Array:
    """(k, k - 1) orthonormal contrasts of k values."""
    return np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, 1:]]))[0][:, 1:]


@dataclass(frozen=True)
class RankTest:
    """A test that groups answer alike, based on ranks, or the reason why there is none.

    Attributes
    ----------
    mean_ranks : group -> mean rank of its answers, as a share of all: 0.5 in the middle, higher for higher answers
    f, df1, df2, p : the test
    n, n_dropped : respondents used, and left out because something was missing
    """

    outcome: str
    group: str
    mean_ranks: tuple[tuple[str, float], ...]
    f: float
    df1: int
    df2: float
    p: float
    n: int
    n_dropped: int
    reason: Text = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """The groups' mean ranks, the test and its verdict in words."""
        zh = language == "zh"
        ranks = ("，" if zh else ", ").join(f"{name} {value:.2f}" for name, value in self.mean_ranks)
        if self.reason:
            reason = say(self.reason, language)
            return f"{self.outcome}的平均秩：{ranks}。未作检验：{reason}。" if zh else (
                f"Mean ranks of {self.outcome}: {ranks}. No test: {reason}.")  # fmt: skip
        df2 = f"{self.df2:.0f}" if self.df2 == round(self.df2) else f"{self.df2:.1f}"
        test = f"F({self.df1}, {df2}) = {self.f:.2f}, p {_p(self.p)}"
        rejected = self.p < 0.05
        if zh:
            verdict = "拒绝" if rejected else "不能拒绝"
            return f"{self.outcome}的平均秩：{ranks}。秩检验 {test}（n = {self.n}）：在 5% 水平上{verdict}“各{self.group}回答相同”。"
        verdict = "is rejected" if rejected else "is not rejected"
        return (
            f"Mean ranks of {self.outcome}: {ranks}. Rank test {test} (n = {self.n}): that all groups of {self.group} answer alike "
            f"{verdict} at 5%."
        )


def rank_test(
    frame: pd.DataFrame,
    outcome: str,
    group: str,
    design: SampleDesign | None = None,
    *,
    interval: Interval | None = None,
) -> RankTest:
    """A rank test that groups answer alike, which knows the sample design: Wilcoxon's for two, Kruskal's for more.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; rows with either value missing are dropped and counted
    outcome : numeric column; only the order of its values matters
    group : column of groups
    design : SampleDesign, optional
    interval : Taylor() or Student(); by default Taylor where a design is described, else Student

    Notes
    -----
    An answer's rank is the share of all weight below it plus half of the weight at it. The test is Wald's on a regression
    of the ranks on the groups, with clusters - strata - (groups - 1) degrees of freedom. Without a design it is close
    to the textbook tests in large samples. R's ``svyranktest`` lets ranks of equal answers depend on the order of rows
    where weights differ; here they do not.

    References
    ----------
    Lumley and Scott (2013), Biometrika 100, 831-842, doi:10.1093/biomet/ass077. Checked against ``svyranktest`` of R's
    ``survey`` 4.1 where weights are equal, and against ``svyglm`` on the same ranks elsewhere (tests/test_crosstabs.py).

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame(
    ...     {
    ...         "store": [k // 4 for k in range(24)],
    ...         "tier": ["street"] * 12 + ["flagship"] * 12,
    ...         "rating": [3, 4, 5, 4, 6, 4, 3, 5, 2, 4, 5, 4, 6, 7, 5, 6, 4, 6, 5, 7, 6, 6, 5, 7],
    ...     }
    ... )
    >>> rank_test(visits, "rating", "tier", SampleDesign(clusters="store")).sentence()
    'Mean ranks of rating: flagship 0.69, street 0.31. Rank test F(1, 4) = 49.96, p = .002 (n = 24): that all groups of tier answer alike is rejected at 5%.'
    """
    _check_pair(frame, outcome, group)
    if not _is_numeric(frame[outcome]):
        raise DataError(f"outcome {outcome!r} is not numeric. Turn its values into numbers first.")
    design = design or SampleDesign()
    check_drawn(frame, design)
    complete, weight = frame[[outcome, group]].notna().all(axis=1).to_numpy(), row_weights(frame, design)
    groups = _values(frame[group][complete])
    if len(groups) < 2:
        raise DataError(f"group {group!r} has {len(groups)} value among the complete rows: nothing can be compared.")
    own = np.ones(complete.sum()) if weight is None else weight[complete]
    ranked = frame[design.column_names()].copy()
    ranked["(rank)"] = np.nan
    ranked.loc[complete, "(rank)"] = midranks(frame[outcome][complete].to_numpy(dtype=float), own)
    ranked["(group)"] = pd.Categorical(frame[group], groups)
    model = fit_linear(ranked, "(rank)", "(group)", design, interval=interval)
    test, value = model.test(), model.frame["coefficient"].to_numpy()
    names = [str(label) for label in groups]
    means = tuple(zip(names, (value[0] + np.r_[0.0, value[1:]]).tolist(), strict=True))
    return RankTest(outcome, group, means, test.f, test.df1, test.df2, test.p, model.n, model.n_dropped, test.reason)


def midranks(values: Array, weight: Array) -> Array:
    """(n,) share of the weight below each value plus half of the weight at it.

    >>> midranks(np.array([5.0, 3.0, 5.0, 7.0]), np.ones(4)).tolist()
    [0.5, 0.125, 0.5, 0.875]
    """
    _, place = np.unique(values, return_inverse=True)
    tied = np.bincount(place, weight)
    return np.asarray(((np.cumsum(tied) - tied / 2) / weight.sum())[place])


def _p(p: float) -> str:
    return "< .001" if p < 0.0005 else f"= {p:.3f}".replace("0.", ".")
