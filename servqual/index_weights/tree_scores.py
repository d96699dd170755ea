"""Scores of units over a tree of indicators, with how much of the weight each of them rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from servqual.index_weights.found import Asked, NumberTable, read_numbers
from servqual.index_weights.simplex import Array
from servqual.index_weights.tree import IndicatorTree
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say

Rebase = Literal["within", "overall"]

TOTAL = "(total)"
_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "nothing": {"en": "nothing was measured", "zh": "没有任何测量值"},
    "coverage": {"en": "too little of the weight was measured", "zh": "已测指标的权重占比过低"},
}


@dataclass(frozen=True, eq=False, repr=False)
class TreeScores(Result):
    """Scores of units over a tree: a row per unit and node, 0 to 100, 100 is best.

    Frame columns: ``unit, indicator`` (a node, or "(total)"), ``level`` (0 for the total), ``score, coverage`` (share of the node's
    weight that was measured), ``reason``.

    Attributes
    ----------
    tree : what was scored
    outside : cells beyond their bounds, counted as 0 or 100: ``unit, row, column, value, problem, score``
    rebase, minimum : how gaps were treated
    """

    tree: IndicatorTree = None  # type: ignore[assignment]
    outside: pd.DataFrame = field(default_factory=pd.DataFrame)
    rebase: Rebase = "within"
    minimum: float = 0.5

    def title(self) -> str:
        name = say(self.tree.title, self.language)
        return f"{name}：得分" if self.language == "zh" else f"{name}: scores"

    def columns(self) -> tuple[Column, ...]:
        words = {TOTAL: {"en": "total", "zh": "总分"}, **self.tree.words()}
        return (
            Column("unit", {"en": "unit", "zh": "单位"}),
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", words),
            Column("level", {"en": "level", "zh": "层级"}, "count"),
            Column("score", {"en": "score", "zh": "得分"}, "number", decimals=1),
            Column("coverage", {"en": "weight measured", "zh": "已测权重"}, "share"),
            *(
                [Column("reason", {"en": "remark", "zh": "备注"}, "text", _REASONS)]
                if self.frame["reason"].any()
                else []
            ),
        )

    def note(self) -> str:
        units, out, zh = self.frame["unit"].nunique(), len(self.outside), self.language == "zh"
        gaps = int(((self.frame["indicator"] == TOTAL) & (self.frame["coverage"] < 1)).sum())
        if zh:
            parts = [f"{units} 个单位，0–100 分，100 为最好"]
            parts += [f"{gaps} 个单位有缺失指标，其权重由{'同级' if self.rebase == 'within' else '全部'}其余指标分担，"
                      f"已测权重低于 {100 * self.minimum:.0f}% 者不给分"] if gaps else []  # fmt: skip
            parts += [f"{out} 个取值超出设定界限，按 0 或 100 计"] if out else []
            return "；".join(parts) + "。"
        parts = [f"{units} units, 0 to 100, 100 is best"]
        parts += [f"{gaps} {'unit lacks' if gaps == 1 else 'units lack'} indicators, whose weight goes to the others "
                  f"{'below the same heading' if self.rebase == 'within' else 'of the whole tree'}; no score under "
                  f"{100 * self.minimum:.0f}% of the weight"] if gaps else []  # fmt: skip
        parts += [f"{out} {'value lies' if out == 1 else 'values lie'} beyond the stated bounds and {'counts' if out == 1 else 'count'} "
                  "as 0 or 100"] if out else []  # fmt: skip
        return "; ".join(parts) + "."

    def table(self, level: int | None = None) -> pd.DataFrame:
        """Units by nodes, as numbers: of one level (0 is the total), or of all."""
        frame = self.frame if level is None else self.frame[self.frame["level"] == level]
        nodes, units = list(dict.fromkeys(frame["indicator"])), list(dict.fromkeys(self.frame["unit"]))
        return (
            frame.pivot(index="unit", columns="indicator", values="score")
            .reindex(index=units, columns=nodes)
            .rename_axis(columns=None)
        )

    def totals(self) -> pd.Series:
        """Total score of every unit."""
        return self.table(0)[TOTAL].rename("score")

    def sentence(self, unit: Any) -> str:
        """One unit's total, and its best and worst part."""
        rows, zh = self.frame[self.frame["unit"] == unit], self.language == "zh"
        if rows.empty:
            raise SpecError(
                f"there is no unit {unit!r}. Units: {', '.join(map(str, dict.fromkeys(self.frame['unit'])))}."
            )
        total = rows[rows["indicator"] == TOTAL].iloc[0]
        parts = rows[(rows["level"] == 1) & rows["score"].notna()].sort_values("score")
        if not np.isfinite(total["score"]):
            why = say(_REASONS[total["reason"]], self.language)
            return f"{unit}：无总分（{why}）。" if zh else f"{unit}: no total ({why})."
        best, worst = (f"{say(self.tree.node(row['indicator']).label, self.language)} {row['score']:.1f}"
                       for row in (parts.iloc[-1], parts.iloc[0]))  # fmt: skip
        part = f"{100 * total['coverage']:.0f}%"
        if zh:
            return f"{unit}：总分 {total['score']:.1f}（已测权重 {part}），最高为{best}，最低为{worst}。"
        return f"{unit}: {total['score']:.1f} in all ({part} of the weight measured); best {best}, worst {worst}."


def score_tree(
    tree: IndicatorTree, values: pd.DataFrame, *, unit: str | None = None, rebase: Rebase = "within", minimum: float = 0.5,
    language: Language | None = None,
) -> TreeScores:  # fmt: skip
    """Scores of units (stores, regions, months) over a tree of indicators, from values in the indicators' own units.

    Parameters
    ----------
    tree : what is measured, and how it becomes 0 to 100
    values : a row per unit, a column per measured indicator; blank where it was not measured
    unit : column with the unit's name; else the index
    rebase : what a missing indicator's weight does: "within" goes to the others of its heading, "overall" to all others
    minimum : share of a node's weight that must have been measured for a score
    language : of the result; the tree's own without it

    Returns
    -------
    TreeScores
        ``.table(1)`` has units by headings, ``.outside`` the values beyond their bounds.

    Raises
    ------
    DataError, SpecError
        If columns are missing or unknown, cells are no numbers, or a unit is there twice.

    Notes
    -----
    A node's score is the mean of what stands below it, weighted and over what was measured: "within" takes scores level by level,
    "overall" goes from the measured indicators at once. Without gaps both are ``sum w s`` with w the product of the weights down the
    tree.

    Examples
    --------
    >>> from servqual.index_weights.tree import load_indicator_tree
    >>> values = pd.DataFrame(
    ...     {"response_speed": [6, 30], "attitude": [5.5, 6], "effect": [90, 70], "process": [2, None]},
    ...     index=["A", "B"],
    ... )
    >>> found = score_tree(load_indicator_tree("service-four"), values)
    >>> found.totals().round(1).to_dict()
    {'A': 77.5, 'B': 41.1}
    >>> found.sentence("B")
    'B: 41.1 in all (75% of the weight measured); best attitude of service 83.3, worst response speed 0.0.'
    """
    check_choice("rebase", rebase, Rebase)
    if isinstance(minimum, bool) or not isinstance(minimum, (int, float)) or not 0 <= minimum <= 1:
        raise SpecError(f"minimum={minimum!r} must lie in 0 to 1.")
    check_indicators(tree, values, unit)
    read = read_numbers(values, Asked(tree.leaves, unit), "the table of values")
    twice = [name for name in dict.fromkeys(read.units) if read.units.count(name) > 1]
    if twice:
        cases = pd.DataFrame({"unit": twice, "problem": "there twice"})
        raise DataError(
            f"the table of values: {', '.join(map(str, twice))} there more than once. Keep one row per unit.", cases
        )
    scores, outside = quantified(tree, read)
    nodes = [(TOTAL, 0), *((node.id, tree.level(node.id)) for node in tree.ordered())]
    rolled = {name: _rolled(tree, scores, "" if name == TOTAL else name, rebase) for name, _ in nodes}
    frames = []
    for name, level in nodes:
        score, coverage = rolled[name]
        reason = np.where(coverage <= 0, "nothing", np.where(coverage < minimum - 1e-9, "coverage", ""))
        frames.append(pd.DataFrame({"unit": list(read.units), "indicator": name, "level": level,
                                    "score": np.where(reason == "", score, np.nan), "coverage": coverage, "reason": reason}))  # fmt: skip
    whole = pd.concat(frames, ignore_index=True)
    place = {name: k for k, name in enumerate(read.units)}
    whole = whole.sort_values("unit", key=lambda column: column.map(place), kind="stable").reset_index(drop=True)
    return TreeScores(
        whole, language or tree.language, tree=tree, outside=outside, rebase=rebase, minimum=float(minimum)
    )


def check_indicators(tree: IndicatorTree, values: pd.DataFrame, unit: str | None) -> None:
    """Refuse columns that the tree does not know; one that is a heading is said to be one."""
    if not isinstance(values, pd.DataFrame):
        raise SpecError("the values must be a DataFrame: a row per unit, a column for each measured indicator.")
    known = set(tree.leaves)
    odd = [str(name) for name in values.columns if name != unit and str(name) not in known]
    if odd:
        heads = [name for name in odd if name in tree.words()]
        more = f" {', '.join(heads)}: headings are not measured, but what stands below them." if heads else ""
        raise DataError(f"the table of values has columns that the tree '{tree.id}' does not measure: {', '.join(odd)}.{more} It measures: "
                        f"{', '.join(tree.leaves)}.", pd.DataFrame({"column": odd, "problem": "unknown indicator"}))  # fmt: skip


def quantified(tree: IndicatorTree, read: NumberTable) -> tuple[dict[str, Array], pd.DataFrame]:
    """(n,) scores of every measured indicator, and the cells beyond their bounds."""
    scores, cases = {}, []
    for j, name in enumerate(read.names):
        node, column = tree.node(name), read.values[:, j]
        if node.scale is None:
            raise SpecError(f"'{name}' is a heading: it has no scale.")
        scores[name] = node.scale.score(column, node.better)
        for i in np.flatnonzero(node.scale.outside(column)):
            cases.append({**read.case(int(i), j, "beyond the bounds"), "score": scores[name][i]})
    return scores, pd.DataFrame(cases, columns=["unit", "row", "column", "value", "problem", "score"])


def _rolled(tree: IndicatorTree, scores: Mapping[str, Array], id: str, rebase: Rebase) -> tuple[Array, Array]:
    """(n,) score of a node, and the share of its weight that was measured."""
    if id in scores:
        return scores[id], np.isfinite(scores[id]).astype(float)
    below = [(tree.node(child).weight, *_rolled(tree, scores, child, rebase)) for child in tree.children(id)]
    total = sum(weight for weight, _, _ in below)
    coverage = sum(weight * share for weight, _, share in below) / total
    room = [weight * (share if rebase == "overall" else share > 0) for weight, _, share in below]
    parts = sum(part * np.nan_to_num(score) for part, (_, score, _) in zip(room, below, strict=True))
    used = np.asarray(sum(room))
    return np.asarray(np.divide(parts, used, out=np.full(len(used), np.nan), where=used > 0)), np.asarray(coverage)
