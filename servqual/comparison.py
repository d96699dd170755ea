"""Which groups differ? Differences of gaps between groups, with their covariance and for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.gaps import GapScores
from servqual.inference import ADJUSTMENTS, NUMBER_COLUMNS, Adjust, Spread, adjust_p, t_pvalue
from servqual.instruments import Instrument
from servqual.measures import HEADINGS, TOTALS, Basis, Row
from servqual.remarks import narrow_remarks
from servqual.tabulation import IntervalTable, why_missing
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Column, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(IntervalTable):
    """Differences between groups, with their covariance and corrected for the number of comparisons.

    Frame columns: the split column, ``against``, ``dimension, difference, se, low, high, n, df, p, p_adjusted, reason``.
    """

    instrument: Instrument | None = None
    by: str = ""
    by_columns: tuple[Column, ...] = ()
    adjust: Adjust = "holm"
    comparability: str = ""

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
            *self.mixed_reasons(),
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest plot: every difference with its interval, those beyond chance after correction in bold."""
        from servqual.plots import draw_comparison

        return draw_comparison(self, ax)

    def note(self) -> str:
        adjusted, zh = say(ADJUSTMENTS[self.adjust], self.language), self.language == "zh"
        untested = "各组是否可比（测量不变性）尚未检验" if zh else (
            "whether the groups may be compared (measurement invariance) has not been tested")  # fmt: skip
        how = self.how({"en": ", each by itself", "zh": "（未校正）"})
        tests = f"p 值校正：{adjusted}（全表）" if zh else f"p adjusted over the table: {adjusted}"
        head = "正值表示前者差距较小。" if zh else "Positive: the first group falls less short. "
        return head + self.noted(how, tests, *self.remarks, self.comparability or untested)


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
    pairs = [
        (a, b) for a, b in combinations(basis.labels, 2) if a[:place] + a[place + 1 :] == b[:place] + b[place + 1 :]
    ]
    if not pairs:
        raise DataError(f"there is only one value of {by!r}: nothing to compare.")
    spreads = [basis.spread([(1.0, rows[a]), (-1.0, rows[b])], gaps.interval) for a, b in pairs]
    lines = [_difference(basis, rows[a], rows[b], *spread, gaps.level, place, gaps.by, chosen)
             for (a, b), spread in zip(pairs, spreads, strict=True)]  # fmt: skip
    told = [(pair, spread) for pair, (spread, lone) in zip(pairs, spreads, strict=True) if not lone]
    frame = pd.concat(lines, ignore_index=True)
    frame.insert(list(frame.columns).index("p") + 1, "p_adjusted", adjust_p(frame["p"].to_numpy(), adjust))
    said = "" if comparability is None else str(comparability)
    first = gaps.dimensions
    return Comparison(
        frame,
        gaps.language,
        instrument=first.instrument,
        by=by,
        by_columns=first.by_columns,
        level=gaps.level,
        adjust=adjust,
        interval=gaps.interval,
        remarks=tuple(narrow_remarks(gaps.responses, basis, told, gaps.interval)),
        comparability=said,
        cautious=first.cautious,
    )


def _difference(
    basis: Basis, a: Row, b: Row, spread: Spread, lone: bool, level: float, place: int, by: Sequence[str], chosen: Array
) -> pd.DataFrame:
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
