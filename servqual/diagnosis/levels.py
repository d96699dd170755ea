"""What was laid down, inspected or promised, item by item, on the scale on which customers answer?

A standard, a promise or an inspection is no answer of a customer. To stand beside one it must be read on the customers' scale:
reviewers say which level of service somebody meets if a standard is kept, or expects who believes a promise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import is_blank, label_key, number_of, text_of
from servqual.inference import NUMBER_COLUMNS, Interval, Student, t_interval
from servqual.instruments import Instrument
from servqual.moments import Cells, Moments, ScoreMap
from servqual.mystery.scores import Groups, VisitScores, measures_of
from servqual.shares import mean_term
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.files.table import read_table
from survey_design.results import Column, Result, Text, say
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Kind = Literal["level", "share"]
Faults = Literal["raise", "set aside"]

LEVEL_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "none": {"en": "there is none", "zh": "无此项"},
    "one reviewer": {"en": "one reviewer: no error can be computed", "zh": "仅一名评审者，无法计算误差"},
    "alike": {"en": "all alike: no error is visible", "zh": "各次取值相同，看不出误差"},
    "pooled": {"en": "all alike: takes the error of the other items", "zh": "各评审取值相同，借用其他题项的误差"},
    "no df": {"en": "no degrees of freedom", "zh": "自由度为零"},
    "fixed": {"en": "given as a number: carries no error", "zh": "给定数值，无误差"},
}
# What the columns of a file of levels are called; any of them is found without being named.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "reviewer": ("reviewer", "rater", "评审人", "评审员", "评审者", "评委"),
    "item": ("item", "item_id", "题项", "题项编号", "指标"),
    "level": ("level", "水平", "水平值"),
    "channel": ("channel", "渠道"),
}
_KINDS: Mapping[Kind, Text] = {
    "level": {"en": "level", "zh": "水平"},
    "share": {"en": "share kept", "zh": "达标比例"},
}


@dataclass(frozen=True, eq=False, repr=False)
class ItemLevels(Result):
    """One level per item, with the errors of all items together. Frame columns: ``item, level, se, low, high, n, df, reason``.

    ``n`` counts reviewers (or visits). An item without a level stays in the table, with the reason "none".

    Attributes
    ----------
    covariance : (k, k) of the levels, in the order of the frame; nan where no error can be computed
    kind : "level" on the items' scale, or "share" of a standard that is kept, 0 to 1
    subject : what the levels are (standards, promises), in both languages
    labels : labels of the items
    confidence : of the intervals
    remarks : what the note says of the base
    """

    covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))
    kind: Kind = "level"
    subject: Text = field(default_factory=lambda: {"en": "Levels", "zh": "水平"})
    labels: Mapping[str, Text] = field(default_factory=dict)
    confidence: float = 0.95
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        return f"各题项的{say(self.subject, 'zh')}" if self.language == "zh" else f"{say(self.subject, 'en')} by item"

    def columns(self) -> tuple[Column, ...]:
        kind: Any = "share" if self.kind == "share" else "number"
        return (
            Column("item", {"en": "item", "zh": "题项"}, "text", self.labels),
            Column("level", _KINDS[self.kind], kind),
            *(replace(NUMBER_COLUMNS[name], kind=kind) for name in ("low", "high")),
            NUMBER_COLUMNS["n"],
            *([Column("reason", NUMBER_COLUMNS["reason"].label, "text", LEVEL_REASONS)] if self.frame["reason"].any() else []),
        )  # fmt: skip

    def note(self) -> str:
        percent, zh = f"{100 * self.confidence:g}%", self.language == "zh"
        parts = [say(each, self.language) for each in self.remarks] + [
            f"{percent} 区间，t 分布" if zh else f"{percent} intervals, Student's t"
        ]
        said = ("；" if zh else "; ").join(parts) + ("。" if zh else ".")
        return said[:1].upper() + said[1:]

    @property
    def items(self) -> tuple[str, ...]:
        """The items that have a level."""
        return tuple(self.frame.loc[self.frame["level"].notna(), "item"])

    def chosen(self, items: Sequence[str]) -> tuple[Array, Array, Array, Array]:
        """Levels (k,), their covariance (k, k), degrees of freedom (k,) and n (k,) of some items, in this order."""
        place = {name: k for k, name in enumerate(self.frame["item"])}
        at = np.array([place[name] for name in items], dtype=int)
        value, df, n = (self.frame[name].to_numpy(float)[at] for name in ("level", "df", "n"))
        return value, self.covariance[np.ix_(at, at)], df, n

    @classmethod
    def given(cls, levels: Mapping[str, float], *, kind: Kind = "level", subject: Text | None = None) -> ItemLevels:
        """Levels that are known as numbers, such as a rule of the head office; they carry no error.

        >>> ItemLevels.given({"REL1": 6.5, "RES2": 6.0}).frame["reason"].tolist()
        ['fixed', 'fixed']
        """
        value = np.array([float(level) for level in levels.values()])
        zero = np.zeros(len(value))
        frame = _frame(list(levels), value, np.zeros((len(value),) * 2), np.full(len(value), np.inf), zero, 0.95)
        frame["reason"] = "fixed"
        return cls(frame, covariance=np.zeros((len(value),) * 2), kind=kind,
                   subject=subject or {"en": "Given levels", "zh": "给定水平"})  # fmt: skip


def _frame(items: Sequence[str], value: Array, covariance: Array, df: Array, n: Array, level: float) -> pd.DataFrame:
    se = np.sqrt(np.clip(np.diagonal(covariance), 0, None))
    low, high = t_interval(value, se, df, level)
    return pd.DataFrame({"item": list(items), "level": value, "se": se, "low": low, "high": high, "n": n.astype(int), "df": df,
                         "reason": ""})  # fmt: skip


# --- what reviewers read into standards and promises --------------------------------------------------------


def read_item_levels(
    source: str | Path | pd.DataFrame,
    instrument: Instrument,
    *,
    reviewer: str = "reviewer",
    item: str = "item",
    level: str = "level",
    several: str | None = None,
    subject: Text | None = None,
    faults: Faults = "raise",
    encoding: str | None = None,
    sheet: str | int = 0,
    confidence: float = 0.95,
) -> ItemLevels:
    """What reviewers read into standards or promises: the level of service that each means on the customers' scale.

    Parameters
    ----------
    source : file or DataFrame with a row for each reviewer and item
    instrument : whose items and scale the levels belong to
    reviewer, item, level : columns; their usual headings in English and Chinese (评审人、题项、水平) are found by themselves. A blank level says that there is no standard (or promise) for the item
    several : column that tells apart several promises on one item (the channel); a reviewer's level of the item is then the
        mean of theirs
    subject : what the levels are, in both languages: ``{"en": "Standards", "zh": "标准"}``
    faults : "raise" names every unusable cell; "set aside" leaves these rows out and says how many
    encoding, sheet : as in :func:`servqual.read_responses`
    confidence : of the intervals

    Returns
    -------
    ItemLevels
        Mean of the reviewers per item. Items that no reviewer gave a level have none.

    Raises
    ------
    DataError
        For unknown items, levels outside of the scale or no numbers, a reviewer who gave an item twice; ``.cases`` lists them.

    Notes
    -----
    Reviewers are the sample: with r of them ``se = s/√r``, and the levels of two items covary as the reviewers' readings do. That
    speaks of reviewers like these. How to read it: four reviewers tell little of their own error (t with 3 degrees of freedom);
    a single one tells none, and whatever rests on such a level has no interval. Reviewers who all give an item the same level
    would seem to read it without error, which whole points make likely: that item takes the variance of readings within all items,
    ``sum_j SS_j / sum_j (r_j − 1)``, still with r − 1 degrees of freedom, and the reason "pooled" says so.

    References
    ----------
    Zeithaml, Berry and Parasuraman (1988), Journal of Marketing 52(2), 35-48, doi:10.1177/002224298805200203 (standards as one of
    the provider's gaps). Checked against means and covariances by pandas (tests/test_diagnosis.py).

    Examples
    --------
    >>> from servqual.instruments import load_instrument
    >>> rows = [
    ...     ("a", "REL1", 6),
    ...     ("b", "REL1", 5),
    ...     ("a", "REL2", 7),
    ...     ("b", "REL2", 6),
    ...     ("a", "RES1", None),
    ...     ("b", "RES1", None),
    ... ]
    >>> read = read_item_levels(
    ...     pd.DataFrame(rows, columns=["reviewer", "item", "level"]), load_instrument("servqual-22")
    ... )
    >>> read.frame["level"].tolist(), read.frame["reason"].tolist(), read.items
    ([5.5, 6.5, nan], ['', '', 'none'], ('REL1', 'REL2'))
    """
    check_between("confidence", confidence, 0, 1)
    check_choice("faults", faults, Faults)
    if isinstance(source, pd.DataFrame):
        table, name, rows = source.reset_index(drop=True), "the table", np.arange(2, len(source) + 2)
    else:
        table, read = read_table(source, encoding=encoding, sheet=sheet)
        name, rows = read.name, np.arange(2, len(table) + 2) if read.rows is None else np.asarray(read.rows)
    asked = {"reviewer": reviewer, "item": item, "level": level, **({"several": several} if several else {})}
    reviewer, item, level, *further = _columns_of(table, asked, name)
    keys = [reviewer, item, *further]
    cells = pd.DataFrame({key: [text_of(cell) for cell in table[key]] for key in keys}).replace("", None)
    blank = np.asarray(is_blank(table[level]), dtype=bool)
    value = np.array([np.nan if empty else _number(cell) for cell, empty in zip(table[level], blank, strict=True)])
    cases = _level_faults(cells, keys, value, blank, instrument, level)
    listed = pd.DataFrame(
        [(name, rows[k], column, "" if is_blank(table[column])[k] else str(table[column].iloc[k]), problem) for k, column, problem in cases],
        columns=["file", "row", "column", "value", "problem"],
    )  # fmt: skip
    if cases and faults == "raise":
        raise DataError(_told(listed, name), listed)
    bad = sorted({k for k, _, _ in cases})
    usable = np.ones(len(table), dtype=bool)
    usable[bad] = False
    chosen = cells[usable].assign(_level=value[usable])
    wide = (
        chosen.groupby([reviewer, item], sort=False)["_level"].mean().unstack(item)
    )  # blanks of a reviewer stay blank
    order = [each.id for each in instrument.items if each.id in wide.columns]
    if not order or wide[order].notna().sum().sum() == 0:
        raise DataError(
            f"{name}: no item has a level. Give levels from {instrument.scale.low} to {instrument.scale.high}.", listed
        )
    return _of_reviewers(wide[order], instrument, subject, confidence, len(bad))


def _columns_of(table: pd.DataFrame, asked: Mapping[str, str], where: str) -> list[str]:
    """The file's columns: as told, else by their usual headings; or an error that names the arguments."""
    present = {label_key(name): str(name) for name in table.columns}
    found = {}
    for argument, name in asked.items():
        usual = (name, *HEADINGS.get(name, ())) if name not in table.columns else ()
        found[argument] = next((present[label_key(each)] for each in usual if label_key(each) in present), name)
    try:
        check_columns(found.values(), table.columns, where)
    except DataError as error:
        absent = [f"{argument}='…'" for argument, name in found.items() if name not in table.columns]
        raise DataError(f"{error} Name the file's column: {', '.join(absent)}.", error.cases) from None
    return list(found.values())


def _number(cell: Any) -> float:
    """The cell as a number; inf where it is none."""
    if isinstance(cell, (int, float, np.number)):
        return float(cell)
    found = number_of(text_of(cell))
    return float(np.inf if np.isnan(found) else found)


def _level_faults(
    cells: pd.DataFrame, keys: Sequence[str], value: Array, blank: Array, instrument: Instrument, level: str
) -> list[tuple[int, str, str]]:
    """Row, column and problem of every cell that can't be used."""
    known, scale = {each.id for each in instrument.items}, instrument.scale
    found = []
    for key in keys:
        found += [(int(k), key, "missing") for k in np.flatnonzero(cells[key].isna())]
    item = keys[1]
    there = cells[item].notna()
    found += [(int(k), item, "not an item of the instrument") for k in np.flatnonzero(there & ~cells[item].isin(known))]
    wrong = ~blank & ~np.isfinite(value)
    found += [(int(k), level, "not a number") for k in np.flatnonzero(wrong)]
    off = ~blank & ~wrong & ~((value >= scale.low) & (value <= scale.high))
    found += [(int(k), level, f"outside {scale.low}-{scale.high}") for k in np.flatnonzero(off)]
    again = cells.notna().all(axis=1) & cells.duplicated()
    found += [(int(k), item, "given before by the same reviewer") for k in np.flatnonzero(again)]
    return sorted(found)


def _told(cases: pd.DataFrame, name: str) -> str:
    parts = []
    for (column, problem), group in cases.groupby(["column", "problem"], sort=False):
        named = ", ".join(
            f"{value!r} in row {row}" for value, row in zip(group["value"].head(5), group["row"].head(5), strict=True)
        )
        parts.append(f"{column}: {problem} ({named}{', …' if len(group) > 5 else ''})")
    n = len(cases)
    return f"{name}: {n} cell{'s' * (n != 1)} can't be used. {'; '.join(parts)}. Correct the file, or set faults='set aside'."


def _of_reviewers(
    wide: pd.DataFrame, instrument: Instrument, subject: Text | None, level: float, lost: int
) -> ItemLevels:
    """Means over reviewers (rows) of the items (columns)."""
    value, covariance, df, n = column_means(wide.reset_index(drop=True), SampleDesign(), Student())
    alone = ~(df > 0)
    covariance[alone, :], covariance[:, alone] = np.nan, np.nan
    alike = ~alone & ~(np.diagonal(covariance) > 1e-12)
    common = pooled_variance(wide.to_numpy(float))
    lent = alike & (common > 0)
    covariance[lent, lent] = common / n[lent]
    frame = _frame(list(wide.columns), value, covariance, df, n, level)
    frame["reason"] = np.select([n == 0, n == 1, lent, alike], ["none", "one reviewer", "pooled", "alike"], "")
    frame.loc[alone, ["se", "low", "high"]] = np.nan
    k, some = len(wide), int((n > 0).sum())
    remarks: list[Text] = [
        {"en": f"{k} reviewer{'s' * (k != 1)}, {some} of {len(instrument.items)} items with a level; error between reviewers",
         "zh": f"{k} 名评审者，{len(instrument.items)} 个题项中 {some} 个有水平值；误差取自评审者之间的差异"}]  # fmt: skip
    if lost:
        remarks.append({"en": f"{lost} row{'s' * (lost != 1)} set aside", "zh": f"搁置 {lost} 行"})
    return ItemLevels(
        frame, instrument.language, covariance=covariance, subject=subject or {"en": "Levels", "zh": "水平"},
        labels=instrument.words(), confidence=level, remarks=tuple(remarks),
    )  # fmt: skip


def pooled_variance(readings: Array) -> float:
    """Variance of readings (reviewers in rows) about their items' means, over all items; 0 where nobody differs from anybody.

    >>> pooled_variance(np.array([[6.0, 5.0, 7.0], [6.0, 6.0, np.nan]]))  # (0 + 1/2)/(1 + 1 + 0)
    0.25
    """
    n = np.isfinite(readings).sum(axis=0)
    mean = np.nansum(readings, axis=0) / np.maximum(n, 1)
    spare = int(np.maximum(n - 1, 0).sum())
    return float(np.nansum((readings - mean) ** 2) / spare) if spare else 0.0


def column_means(frame: pd.DataFrame, design: SampleDesign, interval: Interval) -> tuple[Array, Array, Array, Array]:
    """Means (k,) of the columns, each over the rows that have it, their covariance (k, k), degrees of freedom and n (k,).

    >>> rows = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 6.0]})
    >>> mean, covariance, df, n = column_means(rows, SampleDesign(), Student())
    >>> mean.tolist(), covariance.round(3).tolist(), df.tolist()
    ([2.0, 4.0], [[0.333, 0.667], [0.667, 1.333]], [2.0, 2.0])
    """
    names = [f"x{k}" for k in range(frame.shape[1])]
    values = frame.set_axis(names, axis=1).astype(float)
    cells = Cells.of(frame, design, ())
    return _means_of(Moments.from_cells(values, ScoreMap.plain(names), cells, None), (), interval)


def _means_of(moments: Moments, label: tuple[Any, ...], interval: Interval) -> tuple[Array, Array, Array, Array]:
    inside, k = moments.in_domain(label), len(moments.map.scores)
    row, n = moments.sums(inside), moments.sums(inside, 0)
    mask, score = 1 + moments.map.mask_of_score, 1 + len(moments.map.mask_names) + np.arange(k)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = row[score] / row[mask]
    term = mean_term(label, len(row), mask, score, row[mask], mean)
    spread = interval.spread(moments, [term])
    return mean, np.array(spread.covariance, dtype=float), np.asarray(spread.df, dtype=float), n[mask]


# --- what inspectors found ---------------------------------------------------------------------------------


def inspected_items(
    scores: VisitScores,
    indicators: Mapping[str, str | Sequence[str]],
    *,
    instrument: Instrument | None = None,
    confidence: float = 0.95,
) -> ItemLevels:
    """What share of each item's standard is kept, as mystery shoppers found it: the mean score of its indicators, 0 to 1.

    Parameters
    ----------
    scores : VisitScores; the visits scored there, all together, whatever it is split by
    indicators : item of the questionnaire -> indicator of the checklist, or several, which count the same
    instrument : for labels, and to name unknown items at once
    confidence : of the intervals

    Returns
    -------
    ItemLevels
        Of kind "share"; ``n`` counts the visits in which every one of the item's indicators was judged at the least.

    Raises
    ------
    SpecError
        If the mapping is empty or names items or indicators that do not exist; all of them are named.

    Notes
    -----
    With J indicators of an item ``kept = Σ_j mean_j/(100 J)``, means over visits as in :func:`servqual.mystery.score_visits`,
    after vetoes where the scores are. Their covariance is that of the visits' design: stores as clusters, the same visits behind
    all items. Two items that share an indicator share its error.

    Examples
    --------
    >>> from servqual.mystery import load_checklist, read_visits, score_visits
    >>> checklist = load_checklist("telecom-store")
    >>> visits = read_visits("data/sample/visits.csv", checklist, stores="data/sample/stores.csv", faults="set aside")
    >>> kept = inspected_items(score_visits(visits), {"TAN3": checklist.indicators[0].id})
    >>> bool(0 < kept.frame["level"][0] < 1), kept.kind
    (True, 'share')
    """
    check_between("confidence", confidence, 0, 1)
    wanted = {item: [names] if isinstance(names, str) else list(names) for item, names in indicators.items()}
    known = {each.id: each for each in measures_of(scores.checklist) if each.part == "indicator"}
    _check_mapping(wanted, list(known), instrument)
    used = list(dict.fromkeys(name for names in wanted.values() for name in names))
    shown = getattr(scores.points, scores.of)
    columns = np.column_stack([known[name].read(shown) for name in used]) / 100
    moments = Groups.of(scores.visits, ()).moments(columns)
    mean, covariance, df, n = _means_of(moments, (), scores.interval)
    weight = np.array([[(name in names) / len(names) for name in used] for names in wanted.values()])
    value, spread = weight @ np.where(n > 0, mean, 0.0), weight @ covariance @ weight.T
    least = {name: np.array([each[row > 0].min() for row in weight]) for name, each in (("df", df), ("n", n))}
    none = least["n"] == 0
    value[none] = np.nan
    spread[~(least["df"] > 0), :], spread[:, ~(least["df"] > 0)] = np.nan, np.nan
    frame = _frame(list(wanted), value, spread, least["df"], least["n"], confidence)
    frame["reason"] = np.select([none, ~(least["df"] > 0), frame["se"].to_numpy() == 0], ["none", "no df", "alike"], "")
    stores = scores.visits.frame["store"].nunique()
    remarks: tuple[Text, ...] = (
        {"en": f"{len(columns):,} visits to {stores:,} store{'s' * (stores != 1)}, {'after' if scores.of == 'final' else 'before'} vetoes",
         "zh": f"{stores:,} 家门店的 {len(columns):,} 次访问，{'否决后' if scores.of == 'final' else '否决前'}得分"},)  # fmt: skip
    return ItemLevels(
        frame, scores.language, covariance=spread, kind="share", subject={"en": "Share of the standard kept", "zh": "标准达成比例"},
        labels={} if instrument is None else instrument.words(), confidence=confidence, remarks=remarks,
    )  # fmt: skip


def _check_mapping(wanted: Mapping[str, Sequence[str]], known: Sequence[str], instrument: Instrument | None) -> None:
    """Refuse an empty mapping, unknown items and unknown indicators."""
    if not wanted or not all(wanted.values()):
        raise SpecError("indicators must name at least one indicator for every item: {'REL1': ['handling_correct']}.")
    lost = sorted({name for names in wanted.values() for name in names} - set(known))
    if lost:
        raise SpecError(
            f"indicators {', '.join(map(repr, lost))} are not on the checklist. It has: {', '.join(known)}."
        )
    if instrument is None:
        return
    strange = sorted(set(wanted) - {each.id for each in instrument.items})
    if strange:
        raise SpecError(
            f"indicators name unknown items: {', '.join(map(repr, strange))}. The instrument is '{instrument.name}'."
        )
