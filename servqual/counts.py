"""How often was each value given? Counts and weights of whole-number values per sampling cell, computed once and added.

Medians, signed ranks and the share at the top of a scale need the whole distribution of a column, not only its sums.
:class:`Counts` keeps it beside :class:`~servqual.moments.Moments`, over the same cells: two parts of the data give two
:class:`Counts` whose sum equals one pass over the whole. :func:`quantile` and :func:`score_medians` read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

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
    t_quantile,
    within_one_cluster,
)
from servqual.moments import Cells, Moments, ScoreMap, merged_cells, row_weights
from servqual.replicates import Bootstrap, Jackknife
from servqual.responses import Responses
from servqual.tabulation import Estimates, check_split, narrow_remarks_of
from survey_design.errors import DataError, SpecError, check_between, check_columns
from survey_design.results import Column, Text, say
from survey_design.sampling import SampleDesign

Array = NDArray[Any]

_BLOCK = 65_536  # rows of a block: its codes stay in the second-level cache
_MOST_ENTRIES = 2**25  # cells times values of one column
_MOST_VALUES = 300  # distinct values of a column that replicates count one by one
_FEW_VALUES = 11  # the longest rating scale, 0 to 10
_REPEATED = 3  # answers per value above which values repeat as ratings do
_NUMBERS = {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty"}
_ROUNDING = 1e-12  # shares that were added up in another order still count as equal

QUANTILE_REASONS: Mapping[str, Text] = {
    **REASONS,
    "past the end": {
        "en": "the interval runs past the smallest or largest answer",
        "zh": "区间超出最小或最大回答",
    },
}
_COUNT_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("column", {"en": "column", "zh": "变量"}),
        Column("item", {"en": "item", "zh": "题项"}),
        Column("quantile", {"en": "quantile", "zh": "分位点"}, "share"),
        Column("median", {"en": "median", "zh": "中位数"}, "number", decimals=1),
        Column("median_low", {"en": "median low", "zh": "中位数下限"}, "number", decimals=1),
        Column("median_high", {"en": "median high", "zh": "中位数上限"}, "number", decimals=1),
        Column("interpolated", {"en": "interpolated median", "zh": "插值中位数"}, "number"),
        Column("n_missing", {"en": "missing", "zh": "缺失"}, "count"),
        Column("reason", {"en": "remark", "zh": "备注"}, "text", QUANTILE_REASONS),
    )
}


@dataclass(frozen=True, eq=False)
class Tally:
    """How often each value of one column occurs in each cell.

    Attributes
    ----------
    low : the smallest value kept; entry ``v`` stands for the value ``low + v``
    sums : (powers, cells, values) sums of w^0, w^1 and w^2; w^0 alone where nothing is weighted
    """

    low: int
    sums: Array

    @property
    def high(self) -> int:
        """The largest value kept; below ``low`` where there is none."""
        return self.low + self.sums.shape[2] - 1

    def spanning(self, low: int, high: int) -> Tally:
        """The same tally over a wider range of values."""
        if not self.sums.shape[2]:
            return Tally(low, np.zeros((*self.sums.shape[:2], high - low + 1)))
        return Tally(low, np.pad(self.sums, ((0, 0), (0, 0), (self.low - low, high - self.high))))


@dataclass(frozen=True, eq=False)
class Counts:
    """Additive summary of how often each whole-number value occurs, per sampling cell and column.

    Missing answers are not counted. Counts are exact whatever the chunks; sums of weights agree to rounding.

    Attributes
    ----------
    cells : one row a cell, as in :class:`~servqual.moments.Moments`
    rows : (powers, cells) rows of a cell, answered or not: sums of w^0, w^1 and w^2 (w^0 alone without weights)
    tallies : the distribution of each column

    Notes
    -----
    Scores that are fractions (a mean of three items) are counted as whole numbers over their common denominator.
    Checked against ``pandas.Series.value_counts`` and plain sums of weights (tests/test_counts.py).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"store": list("aabb"), "tier": list("xxyy"), "calm": [7, 5, 7, None]})
    >>> counts = Counts.from_frame(frame, ["calm"], SampleDesign(clusters="store"), by="tier")
    >>> counts.values("calm").tolist(), counts.count("calm").tolist()
    ([5, 6, 7], [1, 0, 2])
    >>> counts.count("calm", ("y",)).tolist(), counts.n_missing("calm")
    ([0, 0, 1], 1)
    >>> halves = [Counts.from_frame(part, ["calm"]) for part in (frame[:1], frame[1:])]
    >>> (halves[0] + halves[1]).count("calm").tolist()
    [1, 0, 2]
    """

    cells: pd.DataFrame
    rows: Array
    tallies: Mapping[str, Tally]

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        columns: Sequence[str],
        design: SampleDesign | None = None,
        *,
        by: str | Sequence[str] = (),
    ) -> Counts:
        """Counts of a DataFrame's columns under a sample design, split by the columns of ``by``."""
        design, by = design or SampleDesign(), (by,) if isinstance(by, str) else tuple(by)
        check_columns([*columns, *by, *design.column_names()], frame.columns, "the data")
        cells = Cells.of(frame, design, by)
        return cls.from_cells({name: frame[name] for name in columns}, cells, row_weights(frame, design))

    @classmethod
    def from_cells(
        cls, values_by_column: Mapping[str, Any] | pd.DataFrame, cells: Cells, weight: Array | None
    ) -> Counts:
        """Counts of values whose cells and weights are already known.

        Parameters
        ----------
        values_by_column : (n,) whole numbers of each column, nan where missing; a DataFrame will do
        cells : the cell of each row
        weight : (n,) weights, or None where everyone counts the same
        """
        size = len(cells.table)
        powers = [None] if weight is None else [None, weight, weight**2]
        rows = np.stack([np.bincount(cells.code, power, size) for power in powers]).astype(float)
        tallies = {
            str(name): _tally(str(name), values, cells.code, size, powers) for name, values in values_by_column.items()
        }
        return cls(cells.table, rows, tallies)

    def __add__(self, other: Counts) -> Counts:
        """The summary of both parts; cells with the same keys are merged."""
        if self.columns != other.columns:
            raise SpecError("counts of different columns cannot be added.")
        if not len(self.cells) or not len(other.cells):
            return self if len(self.cells) else other
        powers = max(len(self.rows), len(other.rows))
        code, table = merged_cells(pd.concat([self.cells, other.cells], ignore_index=True))
        rows = _add_up([_powered(part.rows, powers) for part in (self, other)], code, len(table))
        tallies = {}
        for name in self.columns:
            mine, theirs = _aligned(self.tallies[name], other.tallies[name])
            sums = _add_up([_powered(part.sums, powers) for part in (mine, theirs)], code, len(table))
            tallies[name] = Tally(mine.low, sums)
        return Counts(table, rows, tallies)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the counted columns."""
        return tuple(self.tallies)

    @property
    def weighted(self) -> bool:
        """True if any weight differs from 1."""
        return len(self.rows) > 1 and not np.array_equal(self.rows[0], self.rows[1])

    @property
    def domains(self) -> list[tuple[Any, ...]]:
        """The domains in order of first appearance."""
        return list(dict.fromkeys(self.cells["domain"]))

    def values(self, column: str) -> Array:
        """(v,) the whole numbers that are counted, lowest to highest."""
        tally = self._tally(column)
        return np.arange(tally.low, tally.high + 1)

    def count(self, column: str, domain: tuple[Any, ...] | None = None) -> Array:
        """(v,) respondents at each value, in one domain or, for None, in all."""
        return self._total(column, domain, 0).astype(np.int64)

    def weight(self, column: str, domain: tuple[Any, ...] | None = None) -> Array:
        """(v,) sum of the weights of the respondents at each value; equal to their number without weights."""
        return self._total(column, domain, 1)

    def n_missing(self, column: str, domain: tuple[Any, ...] | None = None) -> int:
        """Respondents of a domain without an answer in this column."""
        return int(self.rows[0, self.in_domain(domain)].sum() - self._total(column, domain, 0).sum())

    def in_domain(self, domain: tuple[Any, ...] | None) -> Array:
        """(c,) positions of the cells of one domain, or of all cells for None."""
        if domain is None:
            return np.arange(len(self.cells))
        return np.array(self._cells_of.get(domain, []), dtype=int)

    @cached_property
    def _cells_of(self) -> dict[tuple[Any, ...], list[int]]:
        cells: dict[tuple[Any, ...], list[int]] = {}
        for k, label in enumerate(self.cells["domain"]):
            cells.setdefault(label, []).append(k)
        return cells

    def moments(self, column: str, scores: Mapping[str, Array]) -> Moments:
        """Moments of functions of one column, each given by its value at every counted value.

        With them every design-based error of a distribution follows: the share up to 5 is the mean of ``values <= 5``.

        >>> import pandas as pd
        >>> counts = Counts.from_frame(pd.DataFrame({"x": [1, 2, 2, 5]}), ["x"])
        >>> counts.moments("x", {"up to 2": counts.values("x") <= 2}).means(()).tolist()
        [0.75]
        """
        m, sums = len(scores), self._tally(column).sums
        names = tuple(scores)
        score_map = ScoreMap(names, names, np.eye(m, dtype=np.int64), np.ones(m), (column,) * m, np.zeros(m))
        ones = np.ones((2, sums.shape[2]))
        z = np.concatenate([ones, np.array([scores[name] for name in names], dtype=float).reshape(m, -1)])
        grams = np.einsum("pcv,qv,rv->pcqr", sums, z, z, optimize=True)
        grams[:, :, 0, 0] = self.rows
        return Moments(score_map, self.cells, *(grams[min(power, len(grams) - 1)] for power in range(3)))

    def _tally(self, column: str) -> Tally:
        check_columns([column], self.tallies, "the counts")
        return self.tallies[column]

    def _total(self, column: str, domain: tuple[Any, ...] | None, power: int) -> Array:
        sums = self._tally(column).sums
        chosen = sums[min(power, len(sums) - 1)]
        return np.asarray(chosen.sum(axis=0) if domain is None else chosen[self.in_domain(domain)].sum(axis=0))


def _tally(name: str, values: Any, code: Array, cells: int, powers: Sequence[Array | None]) -> Tally:
    """The tally of one column, block by block."""
    numbers, answered = _whole_numbers(name, values)
    if answered is not None:
        code, powers = code[answered], [None if power is None else power[answered] for power in powers]
    if not len(numbers):
        return Tally(0, np.zeros((len(powers), cells, 0)))
    low, width = int(numbers.min()), int(numbers.max()) - int(numbers.min()) + 1
    if cells * width > _MOST_ENTRIES:
        raise SpecError(
            f"{name!r} spans {width:,} values in {cells:,} cells: too many to count one by one. Round it, or count it in "
            "wider steps."
        )
    sums = np.zeros((len(powers), cells * width))
    for start in range(0, len(numbers), _BLOCK):
        rows = slice(start, start + _BLOCK)
        place = numbers[rows].astype(np.intp) - low
        if cells > 1:
            place += code[rows] * width
        for out, power in zip(sums, powers, strict=True):
            out += np.bincount(place, None if power is None else power[rows], cells * width)
    return Tally(low, sums.reshape(len(powers), cells, width))


def _whole_numbers(name: str, values: Any) -> tuple[Array, Array | None]:
    """The answered values, and (n,) which rows they belong to, or None where that is all of them."""
    column = pd.Series(values)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
        return column.to_numpy(), None
    if not pd.api.types.is_numeric_dtype(column):
        plain = column.astype(object)
        _refuse(name, column, column.notna() & pd.to_numeric(plain, errors="coerce").isna(), "is not a number")
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    gaps = np.isnan(numbers)
    answered = ~gaps if gaps.any() else None
    given = numbers if answered is None else numbers[answered]
    if not (np.isfinite(given).all() and (given == np.rint(given)).all()):
        whole = np.isfinite(numbers) & (numbers == np.rint(numbers))
        _refuse(name, column, ~(whole | gaps), "is not a whole number")
    return given, answered


def _refuse(name: str, column: pd.Series, bad: Any, problem: str) -> None:
    """Raise with every value that cannot be counted."""
    bad = np.asarray(bad, dtype=bool)
    if not bad.any():
        return
    cases = pd.DataFrame(
        {"row": column.index[bad], "column": name, "value": column[bad].to_numpy(), "problem": problem}
    )
    first = ", ".join(map(str, cases["value"].head(5)))
    rows = ", ".join(map(str, cases["row"].head(5)))
    raise DataError(
        f"{name!r}: {len(cases)} values cannot be counted ({first}; rows {rows}): each {problem}. Counts need whole "
        "numbers; multiply a mean of k items by k.",
        cases,
    )


def _powered(sums: Array, powers: int) -> Array:
    """Sums with as many powers of the weights; where nobody was weighted, w and w^2 are 1."""
    return sums if len(sums) == powers else np.repeat(sums, powers, axis=0)


def _aligned(mine: Tally, theirs: Tally) -> tuple[Tally, Tally]:
    """Both tallies over one range of values."""
    filled = [tally for tally in (mine, theirs) if tally.sums.shape[2]]
    if not filled:
        return mine, theirs
    low, high = min(tally.low for tally in filled), max(tally.high for tally in filled)
    return mine.spanning(low, high), theirs.spanning(low, high)


def _add_up(parts: Sequence[Array], code: Array, cells: int) -> Array:
    """(powers, cells, ...) sums of cells with the same code."""
    stacked = np.concatenate(parts, axis=1)
    out = np.zeros((len(stacked), cells, *stacked.shape[2:]))
    np.add.at(out.swapaxes(0, 1), code, stacked.swapaxes(0, 1))
    return out


# --- quantiles ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class QuantileTable(Estimates):
    """Quantiles with Woodruff's intervals: one row per domain, column and quantile.

    Frame columns: the split columns, ``column, quantile, estimate, se, low, high, n, n_missing, df, reason``.
    """

    design: SampleDesign = field(default_factory=SampleDesign)

    def title(self) -> str:
        return "分位数" if self.language == "zh" else "Quantiles"

    def columns(self) -> tuple[Column, ...]:
        numbers = (NUMBER_COLUMNS[name] for name in ("estimate", "se", "low", "high", "n"))
        tail = (_COUNT_COLUMNS["n_missing"], NUMBER_COLUMNS["df"], _COUNT_COLUMNS["reason"])
        return (*self.by_columns, _COUNT_COLUMNS["column"], _COUNT_COLUMNS["quantile"], *numbers, *tail)

    def note(self) -> str:
        how, design = self.method, self.design.sentence(self.language)
        replicated = isinstance(self.interval, Bootstrap)
        if self.language == "zh":
            made = "" if replicated else "Woodruff 区间，"
            said = f"{100 * self.level:g}% 区间：{made}{how}。分位数为累计加权比例首次达到该点的值。{design}"
            return said + _sentences(self.remarks, "zh")
        made = "" if replicated else "Woodruff's, "
        return (
            f"{100 * self.level:g}% intervals: {made}{how}. A quantile is the smallest value that the given share of the "
            f"weights does not exceed. {design}{_sentences(self.remarks)}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class MedianTable(Estimates):
    """Medians of items: one row per group and item.

    Frame columns: the split columns, ``item, median, median_low, median_high, interpolated, se, low, high, n, n_missing,
    df, reason``; ``se, low, high`` belong to the interpolated median.
    """

    words: Mapping[str, Text] = field(default_factory=dict)
    form: str = "perception"
    design: SampleDesign = field(default_factory=SampleDesign)

    def title(self) -> str:
        forms = {"perception": "感知", "expectation": "期望"}
        return (
            f"题项中位数：{forms.get(self.form, self.form)}"
            if self.language == "zh"
            else f"Medians of items: {self.form}"
        )

    def columns(self) -> tuple[Column, ...]:
        item = Column("item", _COUNT_COLUMNS["item"].label, "text", self.words)
        middle = (_COUNT_COLUMNS[name] for name in ("median", "median_low", "median_high", "interpolated"))
        numbers = (NUMBER_COLUMNS[name] for name in ("se", "low", "high", "n"))
        tail = (_COUNT_COLUMNS["n_missing"], NUMBER_COLUMNS["df"], _COUNT_COLUMNS["reason"])
        return (*self.by_columns, item, *middle, *numbers, *tail)

    def note(self) -> str:
        how, design = self.method, self.design.sentence(self.language)
        if self.language == "zh":
            return (
                f"{100 * self.level:g}% 区间：检验反演，{how}。标准误、下限和上限属于插值中位数。"
                "普通中位数只能取量表上的值：少数回答改变，它就可能跳动一整分，也可能掩盖真实变化；比较各组请用插值中位数或均值。"
                f"{design}{_sentences(self.remarks, 'zh')}"
            )
        return (
            f"{100 * self.level:g}% intervals: medians a test does not reject; {how}. SE, low and high belong to the interpolated median. A plain "
            "median takes only values of the scale: it jumps by a whole point when a few answers change and hides real "
            f"changes between; compare groups by the interpolated median or the mean. {design}{_sentences(self.remarks)}"
        )


def _sentences(remarks: Sequence[Text], language: str = "en") -> str:
    """Remarks as sentences of their own, after others."""
    said = [say(remark, language) for remark in remarks]
    return "".join(f"{each}。" if language == "zh" else f" {each[0].upper()}{each[1:]}." for each in said)


def quantile(
    frame: pd.DataFrame,
    columns: str | Sequence[str],
    design: SampleDesign | None = None,
    *,
    p: float | Sequence[float] = 0.5,
    by: str | Sequence[str] = (),
    interval: Interval | None = None,
    level: float = 0.95,
) -> QuantileTable:
    """Medians and other quantiles of numeric columns under the sample design, with Woodruff's intervals.

    Parameters
    ----------
    frame : DataFrame, one row per respondent; missing as NaN
    columns : numeric column or columns; for items of a rating scale take :func:`score_medians`, as the note says
    design : SampleDesign, optional
    p : share or shares strictly between 0 and 1; 0.5 is the median
    by : column or columns to split by
    interval : Taylor(), Student() or Bootstrap(); by default Taylor where a design is described. A jackknife is refused:
        it is not consistent for quantiles
    level : confidence of the interval

    Returns
    -------
    QuantileTable
        In the units of the column. A bound that would need a share below 0 or above 1 is nan, and the remark says so.

    Notes
    -----
    With the weighted share F(y) of answers up to y, the quantile q is the smallest answer with F(q) >= p. The
    design-based interval of the share F(q) is turned back into values::

        low = inverse of F at F(q) - t se(F(q)),   high = inverse of F at F(q) + t se(F(q)),   se = (high - low) / (2 t)

    This needs no density of the answers. Bootstrap() takes the replicates' own quantiles instead.

    References
    ----------
    Woodruff (1952), J. Am. Statist. Assoc. 47, 635-646, doi:10.1080/01621459.1952.10483443. The definition is that of
    ``svyquantile(qrule = "math")`` in R's ``survey`` 4.1, its default; checked against it for six designs
    (tests/test_counts.py).

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame({"store": list("aaabbbcccddd"), "minutes": [3, 4, 9, 5, 6, 7, 2, 8, 12, 4, 10, 11]})
    >>> table = quantile(visits, "minutes", SampleDesign(clusters="store")).to_frame()
    >>> [round(float(table.loc[0, name]), 2) for name in ("estimate", "low", "high", "df")]
    [6.0, 4.0, 10.0, 3.0]
    """
    check_between("level", level, 0, 1)
    names, by = ((each,) if isinstance(each, str) else tuple(each) for each in (columns, by))
    shares = np.atleast_1d(np.asarray(p, dtype=float))
    for share in shares.tolist():
        check_between("p", share, 0, 1)
    design = design or SampleDesign()
    chosen = _interval_of_quantiles(design, interval)
    check_columns([*names, *by], frame.columns, "the data")
    check_split(by, (*_COUNT_COLUMNS, *NUMBER_COLUMNS))
    check_drawn(frame, design)
    cells, weight = Cells.of(frame, design, by), row_weights(frame, design)
    tables, few = [], []
    for name in names:
        ranked = _Ranked.of(name, frame[name], cells, weight)
        few += [name] if ranked.is_rating() else []
        for domain in _domains(ranked.counts, by):
            numbers = _quantile_numbers(ranked, domain, shares, chosen, level)
            label = dict(zip(by, domain, strict=True))
            tables.append(pd.DataFrame({**label, "column": name, "quantile": shares, **numbers}))
    table, split = pd.concat(tables, ignore_index=True), tuple(Column(name, {"en": name}) for name in by)
    moments = ranked.counts.moments(ranked.name, {"rank": ranked.counts.values(ranked.name)})
    return QuantileTable(
        table,
        by=by,
        by_columns=split,
        level=level,
        interval=chosen,
        remarks=(*_rating_remarks(few), *narrow_remarks_of(moments, _df_used(table, by), chosen, split)),
        cautious=design.selection != "probability",
        design=design,
    )


def score_medians(
    responses: Responses,
    *,
    form: str = "perception",
    by: str | Sequence[str] = (),
    interval: Interval | None = None,
    level: float = 0.95,
) -> MedianTable:
    """The median of every item of a form, plain and interpolated, under the sample design.

    Parameters
    ----------
    responses : Responses
    form : {"perception", "expectation"} or another form of the instrument
    by : column or columns to split by
    interval : Taylor() or Student(); by default Taylor where a design is described
    level : confidence of the interval

    Returns
    -------
    MedianTable
        In points of the scale. ``median`` with ``median_low`` and ``median_high`` is an answer that can be ticked;
        ``interpolated`` with ``se, low, high`` is the median of grouped data.

    Notes
    -----
    Half of the customers answer at most the plain median. On a 7-point scale it jumps by a whole point when a few answers
    change, and stays put while they move elsewhere. The interpolated median spreads the answers q evenly over
    q - 1/2 to q + 1/2::

        q - 1/2 + (1/2 - share below q) / share at q

    The intervals hold every median that a t test of its share against 1/2 does not reject: a plain median m where the share
    up to m is not under 1/2 by more than t standard errors, nor the share below m over it; an interpolated one likewise
    on the distribution so spread. ``se`` is the width of its interval over 2t. (R's ``svyquantile``,
    like :func:`quantile`, centres the interval on the share that the sample's median happens to reach. That does well for
    continuous columns. With few values that share may be 0.7 or more: where 51% of a population answer at most 4 of
    7, such 95% intervals held the median 4 in only 63% of simulated samples of 200.)

    References
    ----------
    Francisco and Fuller (1991), Ann. Statist. 19, 454-469. The interpolated median is checked against Python's
    ``statistics.median_grouped``, the intervals by simulation: 95% ones held the true median in 92% to 99% of samples of
    40 and 200 (tests/test_counts.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({name: [4, 5, 5, 6, 6, 6, 7, 7] for name in instrument.columns("perception").values()})
    >>> table = score_medians(Responses(data, instrument)).to_frame()
    >>> [round(float(table.loc[0, name]), 2) for name in ("median", "median_low", "median_high", "interpolated")]
    [6.0, 5.0, 7.0, 5.83]
    """
    check_between("level", level, 0, 1)
    by = (by,) if isinstance(by, str) else tuple(by)
    side = next((side for side in responses.sides if form in side.forms), None)
    if side is None:
        raise SpecError(f"form={form!r} was not answered here. Answered: {', '.join(responses.forms)}.")
    chosen = _interval_of_quantiles(side.design, interval)
    if isinstance(chosen, Bootstrap):
        raise SpecError("medians of items are computed with Taylor() or Student(); quantile() takes Bootstrap().")
    check_columns(by, side.frame.columns, side.source.name)
    check_split(by, (*_COUNT_COLUMNS, *NUMBER_COLUMNS))
    check_drawn(side.frame, side.design)
    answers = side.answers(form)
    counts = Counts.from_cells(answers, Cells.of(side.frame, side.design, by), row_weights(side.frame, side.design))
    shares = {item: _cumulated(counts, item) for item in counts.columns}
    rows = [
        {**dict(zip(by, domain, strict=True)), "item": item,
         **_median_numbers(counts, shares[item], item, domain, chosen, level)}
        for domain in _domains(counts, by)
        for item in counts.columns
    ]  # fmt: skip
    table, split = pd.DataFrame(rows), tuple(side.column_of(name) for name in by)
    return MedianTable(
        table,
        responses.language,
        by=by,
        by_columns=split,
        remarks=narrow_remarks_of(shares[counts.columns[0]], _df_used(table, by), chosen, split),
        words={item.id: item.label for item in side.instrument.items},
        form=form,
        level=level,
        interval=chosen,
        cautious=side.design.selection != "probability",
        design=side.design,
    )


def _df_used(table: pd.DataFrame, by: Sequence[str]) -> dict[tuple[Any, ...], Array]:
    """Degrees of freedom of the rows of each group."""
    groups = list(zip(*(table[name] for name in by), strict=True)) if by else [()] * len(table)
    used: dict[tuple[Any, ...], list[float]] = {}
    for group, df in zip(groups, table["df"], strict=True):
        used.setdefault(group, []).append(float(df))
    return {group: np.array(df) for group, df in used.items()}


def _rating_remarks(names: Sequence[str]) -> tuple[Text, ...]:
    """That columns hold the answers of a rating scale, for which these intervals are not made."""
    if not names:
        return ()
    return ({"en": f"these intervals are for continuous columns: {', '.join(names)}, with few whole-number values as ratings have, "
             "would have intervals that are too narrow; take score_medians()",
             "zh": f"此类区间适用于连续变量：{'、'.join(names)} 只有少数整数值（如量表评分），区间会偏窄，请改用 score_medians()"},)  # fmt: skip


def interpolated_median(values: Array, weight: Array) -> float:
    """The median of grouped data: answers ``q`` count as spread evenly over ``q - 1/2`` to ``q + 1/2``.

    Parameters
    ----------
    values : (v,) whole numbers, rising
    weight : (v,) respondents or sum of weights at each

    Notes
    -----
    Where exactly half lies at or below an answer, the middle between it and the next answer given is returned.

    Examples
    --------
    >>> interpolated_median(np.array([4, 5, 6, 7]), np.array([1, 2, 3, 2]))
    5.833333333333333
    >>> interpolated_median(np.array([1, 2, 3]), np.array([5, 0, 5]))
    2.0
    """
    values, weight = values[weight > 0], weight[weight > 0]
    if not len(values):
        return float("nan")
    share = np.cumsum(weight) / weight.sum()
    k = int(_first_reaching(share, np.array([0.5]))[0])
    if abs(share[k] - 0.5) < _ROUNDING:
        return float(values[k] + values[k + 1]) / 2
    return float(values[k] - 0.5 + (0.5 - (share[k - 1] if k else 0.0)) * weight.sum() / weight[k])


def _interval_of_quantiles(design: SampleDesign, interval: Interval | None) -> Interval:
    if isinstance(interval, Jackknife):
        raise SpecError("a jackknife is not consistent for quantiles; use Taylor() or Bootstrap().")
    return choose_interval(design, interval)


def _domains(counts: Counts, by: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted(counts.domains, key=str) if by else [()]


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One column as ranks among its distinct values.

    Attributes
    ----------
    name, values : the column, and its (v,) distinct values, rising
    counts : counts of the ranks 0 to v - 1
    rank, cells, weight : (n,) the rows, for replicates
    """

    name: str
    values: Array
    counts: Counts
    rank: Array
    cells: Cells
    weight: Array | None

    @classmethod
    def of(cls, name: str, column: pd.Series, cells: Cells, weight: Array | None) -> _Ranked:
        if pd.api.types.infer_dtype(column, skipna=True) not in _NUMBERS:
            raise DataError(f"{name!r} is not numeric. Turn its values into numbers first.")
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(numbers).any():
            rows = column.index[np.isinf(numbers)]
            cases = pd.DataFrame({"row": rows, "column": name, "problem": "infinite"})
            raise DataError(f"{name!r} is infinite in rows {', '.join(map(str, rows[:5]))}. Correct them.", cases)
        values = np.unique(numbers[~np.isnan(numbers)])
        rank = np.where(np.isnan(numbers), np.nan, np.searchsorted(values, numbers))
        return cls(name, values, Counts.from_cells({name: rank}, cells, weight), rank, cells, weight)

    def is_rating(self) -> bool:
        """True if the values are few whole numbers, each given again and again, as answers on a scale are."""
        few = 1 < len(self.values) <= _FEW_VALUES and bool((self.values == np.rint(self.values)).all())
        return few and int((~np.isnan(self.rank)).sum()) >= _REPEATED * len(self.values)

    def again(self, domain: tuple[Any, ...], shares: Array) -> Again:
        """What replicates need: the weight at every distinct value."""
        v = len(self.values)
        if v > _MOST_VALUES:
            raise SpecError(
                f"{self.name!r} has {v:,} distinct values: too many for replicates. Use Taylor() or round it."
            )
        given = (self.rank[:, None] == np.arange(v)).astype(float)
        given[np.isnan(self.rank)] = np.nan

        def values(sums: Any) -> Array:
            total = sums(domain)[:, 0]
            share = np.cumsum(total[:, 2:], axis=1) / total[:, 1:2]
            first = np.stack([(share >= p - _ROUNDING).argmax(axis=1) for p in shares], axis=1)
            return np.where(total[:, 1:2] > 0, self.values[first], np.nan)

        moments = self.counts.moments(self.name, {str(k): np.arange(v) == k for k in range(v)})
        return Again(moments, given, self.cells.code, self.weight, False, values)


def _quantile_numbers(
    ranked: _Ranked, domain: tuple[Any, ...], shares: Array, interval: Interval, level: float
) -> dict[str, Any]:
    """The numbers of one domain, for all quantiles of a column."""
    counts, name, values = ranked.counts, ranked.name, ranked.values
    n, n_missing = int(counts.count(name, domain).sum()), counts.n_missing(name, domain)
    nothing = np.full(len(shares), np.nan)
    bare = {"estimate": nothing, "se": nothing, "low": nothing, "high": nothing, "n": n, "n_missing": n_missing}
    if n == 0:
        return {**bare, "df": 0.0, "reason": "nobody"}
    cumulated = counts.weight(name, domain).cumsum() / counts.weight(name, domain).sum()
    place = _first_reaching(cumulated, shares)
    moments = counts.moments(name, {str(k): np.arange(len(values)) <= at for k, at in enumerate(place)})
    term = _share_term(moments, domain)
    basis = Student() if isinstance(interval, Bootstrap) else interval
    spread, remark = _spread(moments, term, basis)
    t = t_quantile(spread.df, level)
    reached = np.where(
        cumulated[place] < 1 - _ROUNDING, cumulated[place], np.nan
    )  # beyond the largest nothing is known
    low, high = _turned_back(values, cumulated, reached, t * spread.se)
    se = (high - low) / (2 * t)
    if isinstance(interval, Bootstrap) and not remark:
        stretched = _stretched(term, se, spread.se)
        spread = interval.spread(moments, [stretched], ranked.again(domain, shares))
        low, high = spread.bounds(values[place].astype(float), level)
        se = np.where(spread.df > 0, spread.se, np.nan)
    reason = np.where(np.isnan(low) | np.isnan(high), "past the end", remark)
    reason = np.where((counts.count(name, domain) > 0).sum() == 1, "no variation", reason)
    reason = np.where(np.isnan(se) & (spread.df > 0) & isinstance(interval, Bootstrap), "empty replicates", reason)
    reason = np.where(spread.df > 0, reason, "one answer" if n == 1 else "no df")
    return {**bare, "estimate": values[place], "se": se, "low": low, "high": high, "df": spread.df, "reason": reason}


def _cumulated(counts: Counts, item: str) -> Moments:
    """Moments of "answered at most v", for every value v of an item."""
    values = counts.values(item)
    return counts.moments(item, {str(value): values <= value for value in values})


def _median_numbers(
    counts: Counts, shares: Moments, item: str, domain: tuple[Any, ...], interval: Interval, level: float
) -> dict[str, Any]:
    """The numbers of one item in one domain, from its counts and the moments of its cumulated shares."""
    weight, n = counts.weight(item, domain), int(counts.count(item, domain).sum())
    empty = dict.fromkeys(("median", "median_low", "median_high", "interpolated", "se", "low", "high"), np.nan)
    base = {"n": n, "n_missing": counts.n_missing(item, domain), "df": 0.0}
    if n == 0:
        return {**empty, **base, "reason": "nobody"}
    given, values = weight > 0, counts.values(item)[weight > 0]
    share = np.cumsum(weight[given]) / weight.sum()
    at = float(values[_first_reaching(share, np.array([0.5]))[0]])
    base |= {"median": at, "interpolated": interpolated_median(values, weight[given])}
    spread, remark = _spread(shares, _share_term(shares, domain).selecting(given), interval)
    if not spread.df[0] > 0:
        return {**empty, **base, "reason": "one answer" if n == 1 else "no df"}
    t = float(t_quantile(spread.df[:1], level)[0])
    first, last, low, high = _not_rejected(share, spread.covariance, t)
    numbers = {"median_low": values[first], "median_high": values[last], "se": (high + values[last] - low - values[first]) / (2 * t),
               "low": values[first] - 0.5 + low, "high": values[last] - 0.5 + high}  # fmt: skip
    remark = remark or ("no variation" if len(values) == 1 else "")
    return {**empty, **base, **{key: float(number) for key, number in numbers.items()}, "df": float(spread.df[0]), "reason": remark}  # fmt: skip


def _not_rejected(share: Array, covariance: Array, t: float) -> tuple[int, int, float, float]:
    """Which medians a t test at this level does not reject.

    Parameters
    ----------
    share : (v,) cumulated shares of the values given, the last one 1
    covariance : (v, v) of these shares
    t : quantile of Student's t

    Returns
    -------
    first and last value that may be the median, and how far into the first and the last one (0 to 1) the interpolated
    median may lie
    """
    from scipy.optimize import brentq

    share = np.r_[0.0, share[:-1], 1.0]
    v = np.zeros((len(share), len(share)))
    v[1:-1, 1:-1] = covariance[:-1, :-1]
    half = t * np.sqrt(np.clip(np.diagonal(v), 0, None))
    first = int(np.argmax(share[1:] + half[1:] >= 0.5))
    last = int(np.flatnonzero(share[:-1] - half[:-1] <= 0.5)[-1])

    def beyond(r: float, k: int, sign: int) -> float:
        mean = (1 - r) * share[k] + r * share[k + 1]
        variance = (1 - r) ** 2 * v[k, k] + 2 * r * (1 - r) * v[k, k + 1] + r**2 * v[k + 1, k + 1]
        return float(mean + sign * t * np.sqrt(max(variance, 0.0)) - 0.5)

    return first, last, float(brentq(beyond, 0, 1, (first, 1))), float(brentq(beyond, 0, 1, (last, -1)))


def _first_reaching(share: Array, p: Array) -> Array:
    """(m,) position of the first cumulated share that reaches each p."""
    return np.minimum(np.searchsorted(share, p - _ROUNDING), len(share) - 1)


def _turned_back(values: Array, share: Array, centre: Array, half: Array) -> tuple[Array, Array]:
    """Values at the cumulated shares ``centre -/+ half``; nan where these leave 0 to 1."""
    below, above = centre - half, centre + half
    low, high = (values[_first_reaching(share, np.nan_to_num(bound))].astype(float) for bound in (below, above))
    return (
        np.where(below >= -_ROUNDING, low, np.nan),
        np.where(above <= 1 + _ROUNDING, high, np.nan),
    )


def _share_term(moments: Moments, domain: tuple[Any, ...]) -> Term:
    """Influence of the rows of a domain on the means of all scores."""
    m = len(moments.map.scores)
    base = moments.total(moments.in_domain(domain))[0, 1]
    coefficients = np.concatenate([np.zeros((m, 2)), np.eye(m)], axis=1) / base
    coefficients[:, 1] = -moments.means(domain) / base
    return Term(domain, coefficients, np.ones((m, 1), dtype=int))


def _stretched(term: Term, se: Array, share_se: Array) -> Term:
    """The influence on shares turned into influence on quantiles, by the ratio of their errors."""
    ratio = np.divide(se, share_se, out=np.zeros_like(se), where=(share_se > 0) & np.isfinite(se))
    return Term(term.domain, term.coefficients * ratio[:, None], term.used)


def _spread(moments: Moments, term: Term, interval: Interval) -> tuple[Spread, str]:
    """Spread of the estimates of one domain, and the remark where it lies in a single cluster."""
    if within_one_cluster(moments, [term.domain]):
        return inside_one_cluster(moments, [term]), "one cluster"
    return interval.spread(moments, [term]), ""
