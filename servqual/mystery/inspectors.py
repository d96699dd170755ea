"""Whose eyes were these? The part of an error that comes from inspectors who see many stores, and judge each in their own way.

Stores as clusters leave out that two stores seen by the same inspector err together. With one inspector's severity in both,
an interval from stores alone speaks about scores as *these* inspectors give them; another team would give others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.shares import MeanLine
from survey_design.results import Text

Array = NDArray[Any]
Inspectors = Literal["these", "any"]
_ENOUGH = 4  # equal inspectors
_EVEN = 0.7


@dataclass(frozen=True, eq=False)
class Seen:
    """Who saw what: visits by inspector, and by store and inspector together.

    Attributes
    ----------
    inspector, pair : (n,) number of each visit's inspector, and of its store and inspector; visits that name none count as
        one inspector's
    """

    inspector: Array
    pair: Array

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Seen | None:
        """None where no inspectors are named, or one alone."""
        if "inspector" not in frame:
            return None
        who = pd.factorize(frame["inspector"], use_na_sentinel=False)[0]
        if who.max(initial=0) == 0:
            return None
        store = pd.factorize(frame["store"], use_na_sentinel=False)[0]
        return cls(who, pd.factorize(who * np.int64(store.max() + 1) + store)[0])

    @cached_property
    def names(self) -> int:
        """How many inspectors."""
        return int(self.inspector.max()) + 1

    @cached_property
    def pairs(self) -> int:
        """How many stores and inspectors met."""
        return int(self.pair.max()) + 1

    def few(self, chosen: Array | None = None) -> float:
        """How many inspectors with equally many visits these visits are worth, ``1/Σ share²``, where that is under 4 and under 0.7
        of their number, or they are two, so that one or two make most visits; nan where it is not.

        >>> visits = pd.DataFrame({"store": range(10), "inspector": [*"aaaaaaabcd"]})
        >>> round(Seen.of(visits).few(), 2)
        1.92
        """
        made = np.bincount(self.inspector if chosen is None else self.inspector[chosen])
        made = made[made > 0]
        worth = float(made.sum() ** 2 / (made**2).sum())
        return worth if worth < _ENOUGH and (worth < _EVEN * len(made) or len(made) == 2) else float("nan")

    def added(self, influence: Array, group: Array, groups: int, lost: int = 1) -> tuple[Array, Array, Array]:
        """Variance that inspectors add to that between stores.

        Parameters
        ----------
        influence : (n,) of each visit on the mean of its group, 0 where it has none
        group, groups : (n,) group of each visit, and how many there are
        lost : means that were estimated

        Returns
        -------
        added : (groups,) ``G/(G − lost) Σ_i u_i² − P/(P − lost) Σ_p u_p²`` with u the sums of an inspector, and of a store and
            inspector together; not below 0
        whole : (groups,) the first of the two
        number : (groups,) inspectors G

        Notes
        -----
        The two-way variance is that of stores + that of inspectors − that of both together, in which pairs of visits that
        share both would be counted twice.
        """
        parts = []
        for code, size in ((self.inspector, self.names), (self.pair, self.pairs)):
            place = group * np.int64(size) + code
            sums = np.bincount(place, influence, groups * size).reshape(groups, size)
            number = (np.bincount(place[influence != 0], minlength=groups * size).reshape(groups, size) > 0).sum(axis=1)
            factor = np.divide(number, number - lost, out=np.zeros(groups), where=number > lost)
            parts.append((factor * (sums**2).sum(axis=1), number))
        (whole, number), (both, _) = parts
        return np.maximum(whole - both, 0.0), whole, number


def freedom_with_inspectors(variance: Array, df: Array, added: Array, whole: Array, number: Array) -> Array:
    """Degrees of freedom of a variance between stores plus what inspectors add, after Satterthwaite.

    Parameters
    ----------
    variance, df : between stores
    added, whole : what inspectors add, and the variance of inspectors that it is a part of, whose uncertainty counts
    number : inspectors less the means that were estimated

    >>> one = np.ones(1)
    >>> freedom_with_inspectors(4 * one, 39 * one, 4 * one, 5 * one, 5 * one).round(1).tolist()
    [11.8]
    """
    base = np.divide(variance**2, df, out=np.zeros_like(variance), where=df > 0)
    base = base + np.divide(whole**2, number, out=np.zeros_like(variance), where=(number > 0) & (added > 0))
    found = np.divide((variance + added) ** 2, base, out=np.array(df, dtype=float), where=base > 0)
    return np.asarray(np.where(added > 0, found, df))


def lines_with_inspectors(
    lines: list[MeanLine], columns: Array, seen: Seen, group: Array, weight: Array | None
) -> list[MeanLine]:
    """Means whose errors speak of inspectors like these, not of these alone.

    Parameters
    ----------
    lines : one per group, with errors from stores
    columns : (n, m) the scores, nan where there is none
    seen : who saw what
    group, weight : (n,) of the visits

    Notes
    -----
    Visits of one store have no other stores to vary with: there the variance is the larger of that of its visits and that
    of its inspectors. A mean from one inspector has no error of this kind: its degrees of freedom are 0.

    References
    ----------
    Cameron, Gelbach and Miller (2011), J. Business & Economic Statistics 29, 238-249, doi:10.1198/jbes.2010.07136.
    """
    g, m = len(lines), columns.shape[1]
    mean, own = (np.array([getattr(line, name) for line in lines]) for name in ("mean", "se"))
    df = np.array([line.df for line in lines], dtype=float)
    lone = np.array([line.lone for line in lines])
    se, freedom = own.copy(), df.copy()
    for j in range(m):
        there = np.isfinite(columns[:, j])
        w = there.astype(float) if weight is None else np.where(there, weight, 0.0)
        total = np.bincount(group, w, g)
        share = np.divide(w, total[group], out=np.zeros(len(w)), where=total[group] > 0)
        influence = share * (np.where(there, columns[:, j], 0.0) - np.nan_to_num(mean[group, j]))
        added, whole, number = seen.added(influence, group, g)
        variance = own[:, j] ** 2
        alone = np.maximum(variance, whole)
        se[:, j] = np.sqrt(np.where(lone, alone, variance + added))
        several = freedom_with_inspectors(variance, df[:, j], added, whole, number - 1)
        freedom[:, j] = np.where(lone, np.where(whole > variance, number - 1, df[:, j]), several)
        none = (number < 2) & (variance > 0)
        se[none, j], freedom[none, j] = np.nan, 0.0
    wider = np.divide(se, own, out=np.ones_like(se), where=own > 0) ** 2
    return [
        replace(line, se=se[k], df=freedom[k], deff=line.deff * wider[k], textbook=np.zeros(m, dtype=bool))
        for k, line in enumerate(lines)
    ]


def inspectors_remark(
    seen: Seen, counted: bool, own: float = 0.0, whole: float = 0.0, few: float | None = None
) -> Text:
    """Whether errors count that inspectors differ, with the error of the total either way where it matters; where they count,
    that few made most visits (``few`` of all or of one side, as :meth:`Seen.few` gives it)."""
    k = seen.names
    if counted:
        whose: Text = {"en": "", "zh": ""} if few is None else {"en": " of one side", "zh": "一方的"}
        few = seen.few() if few is None else few
        words: Text = {"en": f"errors count stores and inspectors ({k}): they speak of inspectors like these",
                       "zh": f"误差计入门店与检查员（{k} 名）：结论适用于同类检查员"}  # fmt: skip
        if np.isnan(few):
            return words
        return {"en": f"{words['en']}; but one or two of them made most visits{whose['en']}, worth {few:.1f} inspectors with equally many: the "
                      "intervals are too narrow",
                "zh": f"{words['zh']}；但{whose['zh']}多数访问由一两名检查员完成，仅相当于 {few:.1f} 名访问数相同的检查员，区间偏窄"}  # fmt: skip
    en = f"errors are about scores as these {k} inspectors give them"
    zh = f"误差针对这 {k} 名检查员给出的得分"
    if whole > 1.05 * own:
        en += (
            f"; of inspectors like these the total's standard error is {whole:.2f} in place of {own:.2f} "
            "(inspectors='any')"
        )
        zh += f"；若推及同类检查员，总分标准误为 {whole:.2f}，而非 {own:.2f}（inspectors='any'）"
    return {"en": en, "zh": zh}
