"""Which groups differ? Differences of gaps between groups, with their covariance and for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.gaps import GapScores
from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS, Adjust, Interval, Student, adjust_p, t_pvalue
from servqual.instruments import Instrument
from servqual.measures import CAUTION, HEADINGS, TOTALS, Basis, Row
from servqual.tabulation import why_missing
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Column, Result, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Differences between groups, with their covariance and corrected for the number of comparisons.

    Frame columns: the split column, ``against``, ``dimension, difference, se, low, high, n, df, p, p_adjusted, reason``.
    """

    instrument: Instrument | None = None
    by: str = ""
    by_columns: tuple[Column, ...] = ()
    level: float = 0.95
    adjust: Adjust = "holm"
    interval: Interval = field(default_factory=Student)
    comparability: str = ""
    cautious: bool = False

    @property
    def method(self) -> str:
        """How the intervals were made, in words."""
        return self.interval.sentence(self.language)

    def title(self) -> str:
        name = self._compared().heading(self.language)
        return f"{name}之间差距的差异" if self.language == "zh" else f"Differences of the gap between values of {name}"

    def _compared(self) -> Column:
        return next(column for column in self.by_columns if column.name == self.by)

    def columns(self) -> tuple[Column, ...]:
        words = {**(self.instrument.words() if self.instrument else {}), **TOTALS}
        numbers = ("difference", "se", "low", "high", "n", "df", "p", "p_adjusted")
        return (
            *self.by_columns,
            Column("against", {"en": "against", "zh": "对照"}, "text", self._compared().words),
            Column("dimension", HEADINGS["dimension"], "text", words),
            *(NUMBER_COLUMNS[name] for name in numbers),
            *([NUMBER_COLUMNS["reason"]] if self.frame["reason"].nunique() > 1 else []),
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest plot: every difference with its interval, those beyond chance after correction in bold."""
        from servqual.plots import draw_comparison

        return draw_comparison(self, ax)

    def note(self) -> str:
        percent, caution = f"{100 * self.level:g}%", say(CAUTION, self.language) if self.cautious else ""
        if self.language == "zh":
            said = self.comparability or "各组是否可比（测量不变性）尚未检验"
            return f"正值表示前者差距较小。{percent} 区间（未校正）；{self.method}；p 值校正：{say(ADJUSTMENTS[self.adjust], 'zh')}（全表）；{said}。{caution}"
        said = self.comparability or "whether the groups may be compared (measurement invariance) has not been tested"
        return (
            f"Positive: the first group falls less short. {percent} intervals, each by itself; {self.method}; p adjusted over "
            f"the table: {say(ADJUSTMENTS[self.adjust], 'en')}; {said}. {caution}"
        ).rstrip()


def compare(gaps: GapScores, by: str, *, adjust: Adjust = "holm", comparability: object | None = None) -> Comparison:
    """Which groups differ? Every pair of groups, every dimension and the mean total.

    Parameters
    ----------
    gaps : GapScores scored with this ``by``
    by : the split column to compare
    adjust : correction over all pairs and dimensions
    comparability : a verdict on measurement invariance, printed with the table; without one the note says that
        none was made

    Returns
    -------
    Comparison
        Errors that the groups share (clusters in both, a common expectation survey) are taken into account.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Responses, compare, load_instrument, score_gaps
    >>> instrument = load_instrument("retail-13")
    >>> data = pd.DataFrame(
    ...     {
    ...         "tier": list("aaabbb"),
    ...         **{column: [7, 6, 6, 7, 6, 7] for column in instrument.columns("expectation").values()},
    ...         **{column: [6, 5, 6, 4, 3, 3] for column in instrument.columns("perception").values()},
    ...     }
    ... )
    >>> table = compare(score_gaps(Responses(data, instrument), by="tier"), "tier").to_frame()
    >>> round(float(table.loc[0, "difference"]), 3)
    2.667
    """
    if by not in gaps.by:
        raise SpecError(f"the gaps were not split by {by!r}; score_gaps(responses, by={by!r}) first.")
    check_choice("adjust", adjust, Adjust)
    basis = gaps.basis
    chosen = np.array(
        [k for k, m in enumerate(basis.measures) if m.what == "dimension" or (m.what, m.id) == ("total", "mean")]
    )
    place = gaps.by.index(by)
    rows = {label: basis.row(label).selecting(chosen) for label in basis.labels}
    lines = []
    for a, b in combinations(basis.labels, 2):
        if a[:place] + a[place + 1 :] == b[:place] + b[place + 1 :]:
            lines.append(_difference(basis, rows[a], rows[b], gaps.interval, gaps.level, place, gaps.by, chosen))
    if not lines:
        raise DataError(f"there is only one value of {by!r}: nothing to compare.")
    frame = pd.concat(lines, ignore_index=True)
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjust_p(frame["p"].to_numpy(), adjust))
    said = "" if comparability is None else str(comparability)
    first = gaps.dimensions
    return Comparison(
        frame,
        gaps.language,
        first.instrument,
        by,
        first.by_columns,
        gaps.level,
        adjust,
        gaps.interval,
        said,
        first.cautious,
    )


def _difference(
    basis: Basis, a: Row, b: Row, interval: Interval, level: float, place: int, by: Sequence[str], chosen: Array
) -> pd.DataFrame:
    spread, lone = basis.spread([(1.0, a), (-1.0, b)], interval)
    difference = a.gap - b.gap
    se = np.where((spread.df > 0) & np.isfinite(difference), spread.se, np.nan)
    low, high = (np.where(np.isfinite(difference), bound, np.nan) for bound in spread.bounds(difference, level))
    n, n_e = (np.minimum(getattr(a, name), getattr(b, name)) for name in ("n_perception", "n_expectation"))
    columns: dict[str, Any] = {name: [a.label[k]] * len(se) for k, name in enumerate(by)}
    columns["against"] = [b.label[place]] * len(se)
    columns["dimension"] = [basis.measures[k].id for k in chosen]
    numbers = {
        "difference": difference,
        "se": se,
        "low": low,
        "high": high,
        "n": (a.n_perception + b.n_perception).astype(int),
        "df": spread.df,
        "p": t_pvalue(difference, se, spread.df),
        "reason": why_missing(n, n_e, spread.df, se, lone),
    }
    return pd.DataFrame({**columns, **numbers})
