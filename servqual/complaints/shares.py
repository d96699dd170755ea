"""What are complaints about, and how many are there for 1,000 customers? Shares with stores as clusters; rates with their base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.complaints.register import NOT_STATED, Complaints
from servqual.inference import NUMBER_COLUMNS, Taylor, choose_interval, t_quantile
from servqual.moments import Cells, Moments, ScoreMap
from servqual.proportions import SHARE_REASONS
from servqual.shares import MeanLine, share_bounds
from servqual.tabulation import Estimates, check_split, split_columns
from survey_design.errors import DataError, SpecError, check_between, check_columns
from survey_design.results import Column, Text, say
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Unit = Literal["item", "dimension", "place", "phenomenon", "department", "month", "store"]

FEW_STORES = 10  # stores, below which it is said how few they are
STORES: Text = {
    "en": "Wilson on the effective number of complaints, stores as clusters",
    "zh": "基于有效样本量的 Wilson 区间，以门店为群",
}
SPEAKS: Text = {
    "en": "few of those who are dissatisfied complain: this describes who complained, not what all customers met",
    "zh": "不满者中只有少数会投诉：结果描述的是投诉者，而非全部顾客的遭遇",
}
_BLOCK = 32  # codes counted at a time
_TAKEN = ("n", "of", "share", "se", "low", "high", "df", "deff", "reason")


def share_lines(clusters: pd.Series, codes: Array, k: int, level: float) -> pd.DataFrame:
    """One row for each of k codes: ``n`` that bear it, ``of`` how many, share with Taylor's error between clusters and Wilson's bounds.

    Parameters
    ----------
    clusters : (n,) what each complaint lies in
    codes : (n,) numbers from 0 to k − 1
    """
    names = clusters.astype(str).to_numpy()
    parts = [_block(names, codes[:, None] == np.arange(at, min(at + _BLOCK, k)), level) for at in range(0, k, _BLOCK)]
    return pd.concat(parts, ignore_index=True)


def _block(clusters: Array, marks: Array, level: float) -> pd.DataFrame:
    """The rows of some codes; marks are (n, codes). Few at a time, since each cluster keeps products of all of them."""
    names = [f"mark {k}" for k in range(marks.shape[1])]
    data = pd.DataFrame(marks.astype(float), columns=names).assign(cluster=clusters)
    design = SampleDesign(clusters="cluster") if data["cluster"].nunique() > 1 else SampleDesign()
    moments = Moments.from_cells(data[names], ScoreMap.plain(names), Cells.of(data, design, ()), None)
    line = MeanLine.of(moments, (), choose_interval(design, None))
    low, high = share_bounds(line, "wilson", level)
    missing, alone = line.missing(), "one cluster" if design.clusters is None and len(data) > 1 else ""
    reason = np.where(missing != "", missing, np.where(line.alike & (line.n > 1), "alike", alone))
    return pd.DataFrame({
        "n": line.total.astype(int), "of": line.n.astype(int), "share": line.mean, "se": line.se, "low": low, "high": high,
        "df": line.df, "deff": line.deff, "reason": reason,
    })  # fmt: skip


COMPLAINT_REASONS: Mapping[str, Text] = {
    **SHARE_REASONS,
    "alike": {"en": "all alike: complaints count as independent", "zh": "全部相同，按投诉相互独立计算"},
    "none": {"en": "no complaint", "zh": "无投诉"},
}


@dataclass(frozen=True, eq=False, repr=False)
class ComplaintShares(Estimates):
    """What complaints are about. Frame columns: the split columns, the unit (``item``, ``place``, …), ``n`` (complaints), ``of`` (all
    complaints of the group), ``share, se, low, high, df, deff, reason``.

    Attributes
    ----------
    complaints : what was counted
    unit : what is shared out
    """

    complaints: Complaints = None  # type: ignore[assignment]
    unit: str = "item"

    def title(self) -> str:
        named = self.complaints.column_of(self.unit).label
        return self.titled(
            {"en": f"What complaints are about: by {named['en']}", "zh": f"投诉构成：按{say(named, 'zh')}"}
        )

    def columns(self) -> tuple[Column, ...]:
        bounds = (replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high"))
        return (
            *self.by_columns,
            self.complaints.column_of(self.unit),
            Column("n", {"en": "complaints", "zh": "投诉数"}, "count"),
            Column("of", {"en": "of", "zh": "总数"}, "count"),
            Column("share", {"en": "share", "zh": "占比"}, "share"),
            *bounds,
            *self.reasons(COMPLAINT_REASONS),
        )

    @property
    def method(self) -> str:
        return say(STORES, self.language)

    def about(self) -> tuple[Text, ...]:
        return (SPEAKS,)

    def sentence(self, value: str | None = None, **group: Any) -> str:
        """One row in words; without a name the largest."""
        frame = self.frame
        if value is None:
            top = frame.iloc[int(np.argmax(frame["share"].fillna(-1)))]
            value, group = str(top[self.unit]), {name: top[name] for name in self.by}
        row, zh = self.find(self.unit, value, group, "Rows"), self.language == "zh"
        place = self.beside(self.complaints.column_of(self.unit).show(value, self.language), row)
        share, low, high = (
            f"{100 * row[name]:.0f}%" if np.isfinite(row[name]) else "–" for name in ("share", "low", "high")
        )
        level = f"{100 * self.level:g}%"
        if zh:
            return f"{place}：{row['of']:,} 件投诉中 {row['n']:,} 件（{share}，{level} 置信区间 {low} 至 {high}）。"
        plural = "s" * (int(row["of"]) != 1)
        return f"{place}: {row['n']:,} of {row['of']:,} complaint{plural} ({share}, {level} CI {low} to {high})."

    def plot(self, ax: Axes | None = None, *, most: int = 15) -> Axes:
        """Shares with their intervals, the largest first (see ``servqual.plots.complaints``)."""
        from servqual.plots.complaints import draw_complaint_shares

        return draw_complaint_shares(self, ax, most=most)


def complaint_shares(
    complaints: Complaints, *, of: str = "item", by: str | None = None, level: float = 0.95
) -> ComplaintShares:
    """What complaints are about: the share of each item, dimension, place, phenomenon or department.

    Parameters
    ----------
    complaints : Complaints
    of : column that is shared out; every item or dimension of the instrument has its row, complained of or not
    by : column to split by (the shares of each group sum to 1)
    level : confidence of the intervals

    Returns
    -------
    ComplaintShares
        With a row "not stated" where some complaints name none.

    Notes
    -----
    Complaints about one store have causes in common, so stores are the clusters: Taylor's error between stores, Wilson's bounds
    on the effective number. A complaint without a store stands for itself. The register is no sample of customers: an interval
    says how far the shares could have been otherwise in a like period with stores like these, nothing about those who keep quiet.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201. Checked against R's ``survey`` (tests/test_complaints.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.complaints import read_complaints
    >>> complaints = read_complaints("data/sample/complaints.csv", load_instrument("servqual-22"), faults="set aside")
    >>> found = complaint_shares(complaints, of="dimension")
    >>> bool(abs(found.frame["share"].sum() - 1) < 1e-12)
    True
    """
    check_between("level", level, 0, 1)
    split = split_columns(by)
    of = of if of in complaints.frame else {"items": "item", "dimensions": "dimension"}.get(of, of)
    check_columns([of, *split], complaints.frame.columns, complaints.source.name)
    check_split(split, (of, *_TAKEN))
    if len(split) > 1:
        raise SpecError(f"by={by!r}: complaints are split by one column at most.")
    values, clusters = complaints.values(of), complaints.clusters()
    order, parts = _order(complaints, of, values), []
    codes = values.map({name: k for k, name in enumerate(order)}).to_numpy(int)
    for label, mine in _groups(complaints, split):
        table = share_lines(clusters[mine], codes[mine], len(order), level)
        table["reason"] = table["reason"].mask((table["n"] == 0) & (table["of"] > 0), "none")
        parts.append(pd.DataFrame({**dict(zip(split, label, strict=True)), of: order, **table}))
    return ComplaintShares(
        pd.concat(parts, ignore_index=True), complaints.language, by=split,
        by_columns=tuple(complaints.column_of(name) for name in split), level=level, interval=Taylor(),
        remarks=base_remarks(complaints), complaints=complaints, unit=of,
    )  # fmt: skip


def _order(complaints: Complaints, of: str, values: pd.Series) -> list[str]:
    """What shares are given for: as the instrument lists it, else the most frequent first; what is not stated last."""
    times = values.value_counts(sort=False)
    listed = named_in(complaints, of)
    rest = sorted((name for name in times.index if name not in listed), key=lambda name: (-int(times[name]), str(name)))
    blank = NOT_STATED["en"]
    return [*listed, *(name for name in rest if name != blank), *([blank] if blank in times else [])]


def named_in(complaints: Complaints, of: str) -> list[str]:
    """Every item or dimension of the instrument; nothing for other columns."""
    if of == "item":
        return [item.id for item in complaints.instrument.items]
    return [dimension.id for dimension in complaints.instrument.dimensions] if of == "dimension" else []


def _groups(complaints: Complaints, split: tuple[str, ...]) -> list[tuple[tuple[Any, ...], Array]]:
    """All complaints, or those of each value of the split column."""
    if not split:
        return [((), np.full(complaints.n, True))]
    values = complaints.values(split[0])
    return [((value,), (values == value).to_numpy()) for value in dict.fromkeys(values)]


def base_remarks(complaints: Complaints) -> tuple[Text, ...]:
    """How many complaints about how many stores, what has no store, and how few stores there are."""
    n, stores = complaints.n, complaints.frame["store"].nunique()
    nowhere = int(complaints.frame["store"].isna().sum())
    said: list[Text] = [{"en": f"{n:,} complaint{'s' * (n != 1)} about {stores} store{'s' * (stores != 1)}",
                         "zh": f"{stores} 家门店的 {n:,} 件投诉"}]  # fmt: skip
    if nowhere:
        said.append({"en": f"{nowhere} without a store, each taken for itself", "zh": f"{nowhere} 件未注明门店，各自独立计入"})  # fmt: skip
    if stores < FEW_STORES:
        said.append({"en": f"only {stores} store{'s' * (stores != 1)}: intervals are rough", "zh": f"仅 {stores} 家门店，区间较为粗略"})  # fmt: skip
    return tuple(said)


# --- rates -------------------------------------------------------------------------------------------------

RATE_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "no customers": {"en": "no customers: no rate", "zh": "无顾客数，无法计算"},
    "poisson": {"en": "one store: Poisson interval, complaints independent", "zh": "仅一家门店：泊松区间，视投诉相互独立"},
    "none": {"en": "no complaint: exact Poisson bound", "zh": "无投诉：泊松精确上限"},
}  # fmt: skip


def poisson_interval(counts: Array, level: float) -> tuple[Array, Array]:
    """Exact bounds of a Poisson mean (Garwood 1936): ``χ²(α/2; 2n)/2`` and ``χ²(1 − α/2; 2n + 2)/2``.

    >>> low, high = poisson_interval(np.array([0, 10]), 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 4.795], [3.689, 18.39])
    """
    from scipy.special import gammaincinv

    n = np.asarray(counts, dtype=float)
    low = np.where(n > 0, gammaincinv(np.maximum(n, 1), (1 - level) / 2), 0.0)
    return low, np.asarray(gammaincinv(n + 1, (1 + level) / 2))


def rate_line(counts: Array, base: Array, level: float) -> dict[str, Any]:
    """Complaints per customer over stores, with its interval.

    Parameters
    ----------
    counts, base : (stores,) complaints and customers

    Notes
    -----
    ``R = Σy/Σx`` with the ratio's error between stores, ``V = m/(m − 1) Σ (y − R x)²/(Σx)²``, and never less than a Poisson
    error ``Σy/(Σx)²``; the interval is ``R exp(± t se/R)``, t with m − 1 degrees of freedom. ``deff`` is V over the Poisson
    variance: above 1 stores differ by more than chance.

    >>> found = rate_line(np.array([2, 4, 3]), np.array([100, 200, 150]), 0.95)
    >>> round(found["rate"], 4), round(found["se"] * 450, 4)  # all alike: the error is Poisson's, √9
    (0.02, 3.0)
    """
    total, size, m = float(counts.sum()), float(base.sum()), len(counts)
    empty = {"rate": np.nan, "se": np.nan, "low": np.nan, "high": np.nan, "df": np.nan, "deff": np.nan}
    if not size > 0:
        return {**empty, "reason": "no customers"}
    rate, poisson = total / size, total**0.5 / size
    exact = [bound.item() / size for bound in poisson_interval(np.array([total]), level)]
    if total == 0 or m < 2:
        why = "none" if total == 0 else "poisson"
        return {**empty, "rate": rate, "se": poisson, "low": exact[0], "high": exact[1], "reason": why}
    between = float(m / (m - 1) * ((counts - rate * base) ** 2).sum()) / size**2
    se, df = max(between**0.5, poisson), float(m - 1)
    reach = np.exp(t_quantile(np.array([df]), level)[0] * se / rate)
    return {"rate": rate, "se": se, "low": rate / reach, "high": rate * reach, "df": df,
            "deff": between / poisson**2, "reason": ""}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ComplaintRates(Estimates):
    """Complaints for 1,000 customers. Frame columns: the unit and the split column where asked for, ``n`` (complaints), ``customers``,
    ``stores``, ``rate`` (for ``per`` customers), ``se, low, high, df``, ``deff`` (variance over Poisson's), ``reason``.

    Attributes
    ----------
    complaints : what was counted
    unit : what rates are given for: "" for all complaints
    per : customers that a rate is for
    n_outside : complaints without a store, which have no base
    """

    complaints: Complaints = None  # type: ignore[assignment]
    unit: str = ""
    per: float = 1000.0
    n_outside: int = 0

    def title(self) -> str:
        return self.titled(
            {"en": f"Complaints for {self.per:,.0f} customers", "zh": f"每 {self.per:,.0f} 名顾客的投诉数"}
        )

    def columns(self) -> tuple[Column, ...]:
        unit = (self.complaints.column_of(self.unit),) if self.unit else ()
        rate: Text = {"en": f"for {self.per:,.0f}", "zh": f"每 {self.per:,.0f} 名"}
        return (
            *self.by_columns,
            *unit,
            Column("n", {"en": "complaints", "zh": "投诉数"}, "count"),
            Column("customers", {"en": "customers", "zh": "顾客数"}, "count"),
            Column("stores", {"en": "stores", "zh": "门店数"}, "count"),
            Column("rate", rate, "number", decimals=self._decimals()),
            *(replace(NUMBER_COLUMNS[name], decimals=self._decimals()) for name in ("low", "high")),
            NUMBER_COLUMNS["deff"],
            *self.reasons(RATE_REASONS),
        )

    def _decimals(self) -> int:
        """Decimals that leave two figures of the largest rate."""
        largest = float(np.nanmax(self.frame["rate"], initial=0.0))
        return int(np.clip(1 - np.floor(np.log10(largest)), 1, 6)) if largest > 0 else 2

    @property
    def method(self) -> str:
        if self.language == "zh":
            return "比率估计，以门店为群，对数尺度 t 区间，误差不小于泊松误差；设计效应为方差与泊松方差之比"
        return "ratio over stores, t interval on the log scale, error never below Poisson's; deff is the variance over Poisson's"

    def about(self) -> tuple[Text, ...]:
        return (SPEAKS,)

    def sentence(self, **group: Any) -> str:
        """One row in words, named by its unit and group; without a name the first."""
        frame = self.frame
        for name, value in group.items():
            frame = frame[frame[name] == value]
        if frame.empty:
            raise SpecError(f"there is no row {group!r}.")
        row = frame.iloc[0]
        where = self.complaints.column_of(self.unit).show(row[self.unit], self.language) if self.unit else ""
        split = self.group([row[column.name] for column in self.by_columns])
        head = ("：" if self.language == "zh" else ": ").join(filter(None, [where, split]))
        rate, low, high = (f"{row[name]:,.{self._decimals()}f}" for name in ("rate", "low", "high"))
        level, n = f"{100 * self.level:g}%", int(row["n"])
        if self.language == "zh":
            lead = f"{head}：" if head else ""
            return f"{lead}每 {self.per:,.0f} 名顾客 {rate} 件投诉（{level} 置信区间 {low} 至 {high}；{n:,} 件投诉，{int(row['stores'])} 家门店）。"
        lead, stores = (f"{head}: " if head else ""), int(row["stores"])
        return (
            f"{lead}{rate} complaints for {self.per:,.0f} customers ({level} CI {low} to {high}; {n:,} complaint{'s' * (n != 1)}, "
            f"{stores} store{'s' * (stores != 1)})."
        )


def complaint_rates(
    complaints: Complaints,
    customers: pd.DataFrame | Mapping[Any, float],
    *,
    of: str | None = None,
    by: str | None = None,
    store: str = "store",
    base: str = "customers",
    per: float = 1000.0,
    level: float = 0.95,
) -> ComplaintRates:
    """Complaints for 1,000 customers: a store with many complaints may only have many customers.

    Parameters
    ----------
    complaints : Complaints
    customers : a row a store with ``store``, ``base`` (customers or footfall **in the period of the register**) and ``by``; or a
        mapping store -> customers. A store without complaints belongs here too: it counts with 0
    of : column of the complaints to give a rate for each value of: "item", "dimension", "place", …
    by : column of ``customers`` to split by, such as the tier; "store" gives one row a store
    store, base : columns of ``customers``
    per : customers that a rate is for
    level : confidence of the intervals

    Returns
    -------
    ComplaintRates

    Raises
    ------
    DataError
        If customers aren't numbers of 0 or more, a store stands twice, or complaints are about stores that have no base: all of
        them at once.

    Notes
    -----
    See :func:`rate_line`. Counts vary between stores by more than Poisson's √n since causes are shared: the error comes from how
    stores differ, and a Poisson error is the least it can be. A single store has a Poisson interval only, and a rate
    of 0 an exact upper bound. Complaints without a store have no base; the note counts them.

    References
    ----------
    Garwood (1936), Biometrika 28, 437-442, doi:10.1093/biomet/28.3-4.437. Checked against R's ``poisson.test`` and
    ``survey::svyratio`` (tests/test_complaints.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> from servqual.complaints import read_complaints
    >>> table = pd.DataFrame({"store": list("AAAB"), "item": "REL1", "received": "2026-03-02"})
    >>> complaints = read_complaints(table, load_instrument("servqual-22"))
    >>> complaint_rates(complaints, {"A": 2000, "B": 1000, "C": 1000}).frame[
    ...     ["n", "customers", "stores", "rate"]
    ... ].values.tolist()
    [[4.0, 4000.0, 3.0, 1.0]]
    """
    check_between("level", level, 0, 1)
    if not (isinstance(per, (int, float)) and 0 < per < np.inf):
        raise SpecError(f"per={per!r} must be a number above 0.")
    table = customers.copy() if isinstance(customers, pd.DataFrame) else pd.DataFrame(
        {store: list(customers), base: list(customers.values())})  # fmt: skip
    check_columns([store, base, *([by] if by else [])], table.columns, "the customers")
    check_columns([of] if of else [], complaints.frame.columns, complaints.source.name)
    check_split([by] if by and by != store else [], (*_TAKEN, "customers", "stores", "rate", of or ""))
    size = _base(table, store, base, complaints)
    known = complaints.frame["store"].notna()
    rows = complaints.frame[known].assign(unit=complaints.values(of)[known] if of else "")
    units = _order(complaints, of, rows["unit"]) if of else [""]
    groups: list[tuple[tuple[Any, ...], list[Any]]]
    groups = [((), list(size.index))] if not by else [
        ((value,), list(group[store].astype(str))) for value, group in table.groupby(by, sort=False)]  # fmt: skip
    lines = []
    for label, stores in groups:
        for unit in units:
            found = rows[rows["unit"] == unit] if of else rows
            counts = found["store"].value_counts().reindex(stores, fill_value=0).to_numpy()
            line = rate_line(counts, size[stores].to_numpy(float), level)
            scaled = {name: per * line[name] for name in ("rate", "se", "low", "high")}
            head = {**({by: label[0]} if by else {}), **({of: unit} if of else {})}
            lines.append({**head, "n": int(counts.sum()), "customers": float(size[stores].sum()), "stores": len(stores),
                          **scaled, "df": line["df"], "deff": line["deff"], "reason": line["reason"]})  # fmt: skip
    outside = int((~known).sum())
    remarks = base_remarks(complaints)[:1] + (_outside(outside),) * bool(outside)
    return ComplaintRates(
        pd.DataFrame(lines), complaints.language, by=(by,) if by else (),
        by_columns=(complaints.column_of(by),) if by else (), level=level, interval=Taylor(), remarks=remarks,
        complaints=complaints, unit=of or "", per=float(per), n_outside=outside,
    )  # fmt: skip


def _outside(n: int) -> Text:
    return {"en": f"{n} complaint{'s' * (n != 1)} without a store left out", "zh": f"{n} 件未注明门店的投诉未计入"}


def _base(table: pd.DataFrame, store: str, base: str, complaints: Complaints) -> pd.Series:
    """Customers by store; what can't be a base is refused."""
    names = table[store].astype(str)
    numbers = pd.to_numeric(table[base], errors="coerce")
    faults = [{"store": names.iloc[k], "row": int(k) + 2, "column": base, "value": table[base].iloc[k],
               "problem": "not a number of 0 or more"} for k in np.flatnonzero(~(numbers >= 0) | ~np.isfinite(numbers))]  # fmt: skip
    faults += [{"store": names.iloc[k], "row": int(k) + 2, "column": store, "value": names.iloc[k], "problem": "stands twice"}
               for k in np.flatnonzero(names.duplicated())]  # fmt: skip
    asked = complaints.frame["store"].dropna().value_counts(sort=False)
    empty = set(names[(numbers == 0).to_numpy()])
    faults += [{"store": name, "row": 0, "column": base, "value": int(n),
                "problem": f"{n} complaint{'s' * (n != 1)} but no customers"}
               for name, n in asked.items() if name not in set(names) or name in empty]  # fmt: skip
    if faults:
        said = "; ".join(f"'{each['store']}': {each['problem']}" for each in faults[:8])
        more = f"; and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise DataError(f"the customers can't be the base of rates: {said}{more}. Complete or correct them.",
                        pd.DataFrame(faults))  # fmt: skip
    return pd.Series(numbers.to_numpy(float), index=names.to_numpy())
