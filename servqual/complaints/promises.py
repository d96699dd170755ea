"""Is a promise to the customer kept? Days promised against days solved, department by department."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.complaints.register import Complaints
from servqual.complaints.shares import COMPLAINT_REASONS, base_remarks, share_lines
from servqual.complaints.stages import ALL
from servqual.inference import NUMBER_COLUMNS, Taylor
from servqual.tabulation import Estimates, check_split
from survey_design.errors import DataError, check_between, check_columns
from survey_design.results import Column, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class PromisesKept(Estimates):
    """Promises and what became of them. Frame columns: the split column ("(all)" first), ``promised`` (complaints with a promise),
    ``not_due`` (promised for a day after the register's end: outside of the base), ``n_dropped`` (times that can't be used), ``n``
    (promises that have fallen due), ``kept``, ``late`` (solved after the day), ``open`` (not solved, the day has passed), ``share`` (kept)
    with ``se, low, high, df, deff``; ``over`` (over-promised: 1 − share) with ``over_low, over_high``; ``days`` (median days promised),
    ``days_late`` (median days by which broken promises were missed, open ones so far), ``reason``.

    Attributes
    ----------
    complaints : what was promised
    unpromised : complaints without a promise
    """

    complaints: Complaints = None  # type: ignore[assignment]
    unpromised: int = 0

    def title(self) -> str:
        return self.titled({"en": "Promises kept", "zh": "承诺兑现情况"})

    def columns(self) -> tuple[Column, ...]:
        def count(name: str, en: str, zh: str) -> Column:
            return Column(name, {"en": en, "zh": zh}, "count")

        bounds = (replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high"))
        return (
            *(replace(column, words={**column.words, ALL: {"en": "all", "zh": "全部"}}) for column in self.by_columns),
            count("n", "promises due", "到期承诺数"),
            count("kept", "kept", "兑现"),
            count("late", "solved late", "逾期解决"),
            count("open", "overdue, open", "逾期未解决"),
            Column("share", {"en": "kept, share", "zh": "兑现率"}, "share"),
            *bounds,
            Column("over", {"en": "over-promised", "zh": "过度承诺率"}, "share"),
            Column("days", {"en": "days promised", "zh": "承诺天数中位数"}, "number", decimals=1),
            Column("days_late", {"en": "days late so far", "zh": "至今逾期天数中位数"}, "number", decimals=1),
            *self.reasons(COMPLAINT_REASONS),
        )

    @property
    def method(self) -> str:
        if self.language == "zh":
            return "基于有效样本量的 Wilson 区间，以门店为群"
        return "Wilson on the effective number of promises, stores as clusters"

    def about(self) -> tuple[Text, ...]:
        first = self.frame.iloc[0]
        waiting, none = int(first["not_due"]), self.unpromised
        return (
            {"en": "the base are promises that have fallen due, whether solved or not; kept: solved by the end of the day promised",
             "zh": "基数为已到期承诺，无论是否解决；承诺日当天结束前解决即为兑现"},
            {"en": f"{waiting} not due yet, {none} complaint{'s' * (none != 1)} without a promise",
             "zh": f"{waiting} 件尚未到期，{none} 件投诉未作承诺"},
            self.complaints.ending(),
        )  # fmt: skip

    def sentence(self, value: str | None = None) -> str:
        """One group in words; without a name all of them."""
        row = (
            self.frame.iloc[0]
            if value is None or not self.by
            else self.find(self.by[0], value, {self.by[0]: value}, "Rows")
        )
        zh, n = self.language == "zh", int(row["n"])
        shown = self.columns()[0].show(row[self.by[0]], self.language) if self.by and row[self.by[0]] != ALL else ""
        lead = "" if not shown else f"{shown}：" if zh else f"{shown}: "
        if not n:
            return f"{lead}没有到期的承诺。" if zh else f"{lead}no promise has fallen due."
        share, low, high = (
            f"{100 * row[part]:.0f}%" if np.isfinite(row[part]) else "–" for part in ("share", "low", "high")
        )
        broken, level = n - int(row["kept"]), f"{100 * self.level:g}%"
        open_now = int(row["open"])
        if zh:
            return f"{lead}{n:,} 项到期承诺兑现 {share}（{level} 置信区间 {low} 至 {high}）；{broken} 项未兑现，其中 {open_now} 项仍未解决。"
        return (
            f"{lead}{share} of {n:,} promise{'s' * (n != 1)} that fell due were kept ({level} CI {low} to {high}); {broken} "
            f"{'was' if broken == 1 else 'were'} broken, {open_now} of them still open."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Shares kept with their intervals (see ``servqual.plots.complaints``)."""
        from servqual.plots.complaints import draw_promises

        return draw_promises(self, ax)


def promises_kept(complaints: Complaints, *, by: str | None = "department", level: float = 0.95) -> PromisesKept:
    """Is the day promised to the customer kept, and who promises more than is kept?

    Parameters
    ----------
    complaints : Complaints
    by : column to split by; a row of all comes first
    level : confidence of the intervals

    Returns
    -------
    PromisesKept

    Raises
    ------
    DataError
        If nothing was promised, or promises have fallen due and the register has no times of solving.

    Notes
    -----
    The base are promises whose day has passed when the register ends. To count all that were solved would leave out what is open; to
    count early solutions of promises that are not due yet would count good news before bad news can come. A promise is
    kept if the complaint was solved by the end of its day; one that is open after it is broken, whatever comes. Errors are
    Taylor's with stores as clusters.

    References
    ----------
    Zeithaml, Berry and Parasuraman (1988), Journal of Marketing 52(2), 35-48, doi:10.1177/002224298805200203, on promises that
    exceed delivery (gap 4).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.complaints import read_complaints
    >>> table = pd.DataFrame({
    ...     "store": list("ABCD"), "item": "REL1", "received": "2026-03-02 08:00", "promised": ["2026-03-03"] * 3 + ["2026-03-20"],
    ...     "solved": ["2026-03-03 17:00", "2026-03-04 09:00", "", "2026-03-04 09:00"]})
    >>> complaints = read_complaints(table, load_instrument("servqual-22"), until="2026-03-10")
    >>> promises_kept(complaints, by=None).frame.loc[0, ["n", "kept", "late", "open", "not_due"]].astype(int).tolist()
    [3, 1, 1, 1, 1]
    """  # fmt: skip
    check_between("level", level, 0, 1)
    frame = complaints.frame
    check_columns([by] if by else [], frame.columns, complaints.source.name)
    check_split([by] if by else [], ("promised", "n", "kept", "late", "open", "share", "over", "days", "reason"))
    if not frame["promised"].notna().any():
        raise DataError(f"{complaints.source.name}: no complaint says what day was promised (column 'promised').")
    values = complaints.values(by) if by else None
    names = [] if values is None else sorted(map(str, set(values[frame["promised"].notna()])))
    groups: list[tuple[str, Any]] = [
        (ALL, np.full(len(frame), True)),
        *((name, np.asarray(values == name)) for name in names),
    ]
    lines = [{**({by: name} if by else {}), **_line(complaints, mine, level)} for name, mine in groups]
    if "solved" in complaints.absent and lines[0]["n"]:
        raise DataError(f"{complaints.source.name}: the register has no times of solving (column 'solved'), so nobody can say whether "
                        "promises were kept.")  # fmt: skip
    return PromisesKept(
        pd.DataFrame(lines), complaints.language, by=(by,) if by else (),
        by_columns=(complaints.column_of(by),) if by else (), level=level, interval=Taylor(), remarks=base_remarks(complaints),
        complaints=complaints, unpromised=int(frame["promised"].isna().sum()),
    )  # fmt: skip


def _line(complaints: Complaints, mine: Array, level: float) -> dict[str, Any]:
    """The row of one group."""
    frame, until = complaints.frame, complaints.until
    promised = frame["promised"].notna().to_numpy() & mine
    usable = frame["usable"].to_numpy(bool)
    over = frame["promised"] + pd.Timedelta(days=1)
    due = promised & usable & (over <= until).to_numpy()
    solved = frame["solved"]
    kept, late = (due & (solved < over).to_numpy()), (due & (solved >= over).to_numpy())
    found = share_lines(complaints.clusters()[due], kept[due].astype(int), 2, level).iloc[1] if due.any() else _NOTHING
    missed = (solved.fillna(until) - over)[due & ~kept].dt.total_seconds() / 86400
    ahead = (frame["promised"] - frame["received"].dt.normalize())[promised].dt.days
    return {
        "promised": int(promised.sum()), "not_due": int((promised & usable & ~due).sum()),
        "n_dropped": int((promised & ~usable).sum()), "n": int(due.sum()), "kept": int(kept.sum()), "late": int(late.sum()),
        "open": int((due & solved.isna().to_numpy()).sum()),
        **{name: found[name] for name in ("share", "se", "low", "high", "df", "deff")},
        "over": 1 - found["share"], "over_low": 1 - found["high"], "over_high": 1 - found["low"],
        "days": float(ahead.median()), "days_late": float(missed.median()), "reason": found["reason"],
    }  # fmt: skip


_NOTHING = pd.Series({**dict.fromkeys(("share", "se", "low", "high", "df", "deff"), np.nan), "reason": "nobody"})
