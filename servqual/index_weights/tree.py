"""Which indicators make up an index, level by level, with their direction, unit, weight and way to 0 to 100?"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from servqual.index_weights.found import Direction
from servqual.index_weights.scales import Bounds, Percentile, Scale, Thresholds
from servqual.index_weights.simplex import check_weights
from servqual.index_weights.weights import IndexWeights
from survey_design.errors import SpecError, check_choice
from survey_design.results import Column, Language, Result, Text, say

_SUM = 1e-6
_DIRECTIONS: Mapping[str, Text] = {
    "higher": {"en": "higher is better", "zh": "越高越好"},
    "lower": {"en": "lower is better", "zh": "越低越好"},
    "": {"en": "", "zh": ""},
}


@dataclass(frozen=True)
class TreeIndicator:
    """One node of a tree: a measured indicator, or a heading over others.

    Attributes
    ----------
    id, label : how it is named and called
    parent : id of the node it belongs to; "" on the first level
    weight : within its parent; those of one parent sum to 1
    scale : how values become 0 to 100; None for a heading
    better, unit : direction and unit of the values
    source : where the indicator comes from

    >>> TreeIndicator(
    ...     "wait", {"en": "waiting time"}, weight=1.0, scale=Bounds(5, 30), better="lower", unit={"en": "minutes"}
    ... ).better
    'lower'
    """

    id: str
    label: Text
    parent: str = ""
    weight: float = 1.0
    scale: Scale | None = None
    better: Direction = "higher"
    unit: Text = field(default_factory=dict)
    source: Text = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class IndicatorTree:
    """A system of indicators: what is measured hangs below headings; weights multiply downwards and sum to 1.

    Raises
    ------
    SpecError
        If ids are used twice, parents are unknown or in a circle, the weights of one parent don't sum to 1, a measured indicator has
        no scale or a heading has one; the message lists every fault.

    Examples
    --------
    >>> tree = load_indicator_tree("service-five")
    >>> tree.children("")
    ('satisfaction', 'reliability', 'efficiency', 'coverage', 'personalisation')
    >>> float(tree.weights().sum().round(9))
    1.0
    """

    id: str
    title: Text
    nodes: tuple[TreeIndicator, ...]
    source: Text = field(default_factory=dict)
    language: Language = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        faults = _faults(self.nodes)
        if faults:
            shown = faults[:12] + ([f"and {len(faults) - 12} more"] if len(faults) > 12 else [])
            raise SpecError(f"indicator tree '{self.id}' can't be used: {'; '.join(shown)}.")
        totals = {
            node.parent: sum(other.weight for other in self.nodes if other.parent == node.parent) for node in self.nodes
        }
        exact = tuple(
            replace(node, weight=node.weight / totals[node.parent]) for node in self.nodes
        )  # 0.333333 for a third
        object.__setattr__(self, "nodes", exact)

    def in_language(self, language: Language) -> IndicatorTree:
        """The same tree; results built on it show themselves in this language."""
        check_choice("language", language, Language)
        return replace(self, language=language)

    @cached_property
    def _by_id(self) -> Mapping[str, TreeIndicator]:
        return {node.id: node for node in self.nodes}

    def node(self, id: str) -> TreeIndicator:
        """One node."""
        if id not in self._by_id:
            raise SpecError(f"the tree '{self.id}' has no indicator {id!r}. It has: {', '.join(self._by_id)}.")
        return self._by_id[id]

    def children(self, id: str) -> tuple[str, ...]:
        """Ids of the nodes right below one, "" for the first level."""
        return tuple(node.id for node in self.nodes if node.parent == id)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Ids of what is measured."""
        return tuple(node.id for node in self.nodes if node.scale is not None)

    def level(self, id: str) -> int:
        """1 for the first level, 2 below it, and so on."""
        parent = self.node(id).parent
        return 1 if not parent else 1 + self.level(parent)

    def weight(self, id: str) -> float:
        """Weight in the whole: the product of the weights down to the node."""
        node = self.node(id)
        return node.weight * (self.weight(node.parent) if node.parent else 1.0)

    def weights(self) -> pd.Series:
        """Weight of every measured indicator in the whole; they sum to 1."""
        return pd.Series({name: self.weight(name) for name in self.leaves}, name="weight")

    def words(self) -> dict[str, Text]:
        """What the nodes are called."""
        return {node.id: node.label for node in self.nodes}

    def with_weights(
        self, weights: IndexWeights | Mapping[str, float] | pd.Series, *, under: str = ""
    ) -> IndicatorTree:
        """The same tree with other weights of the nodes right below one (``under``; "" for the first level).

        >>> tree = load_indicator_tree("service-four")
        >>> other = tree.with_weights({"response_speed": 0.4, "attitude": 0.3, "effect": 0.2, "process": 0.1})
        >>> round(other.weight("attitude"), 3)
        0.3
        """
        names = self.children(under)
        if not names:
            raise SpecError(f"nothing stands below {under!r} in the tree '{self.id}'.")
        given = weights.weights() if isinstance(weights, IndexWeights) else weights
        new = dict(zip(names, check_weights(pd.Series(dict(given)), list(names)), strict=True))
        return replace(
            self,
            nodes=tuple(replace(node, weight=float(new[node.id])) if node.id in new else node for node in self.nodes),
        )

    def table(self) -> TreeTable:
        """The tree as a table."""
        rows = [{"level": self.level(node.id), "indicator": node.id, "parent": node.parent, "weight": node.weight,
                 "whole": self.weight(node.id), "better": node.better if node.scale else "", "unit": say(node.unit, self.language),
                 "scale": say(node.scale.sentence(), self.language) if node.scale else ""} for node in self.ordered()]  # fmt: skip
        return TreeTable(pd.DataFrame(rows), self.language, tree=self)

    def ordered(self, id: str = "") -> list[TreeIndicator]:
        """Every node below one, each followed by what stands below it."""
        found = []
        for child in self.children(id):
            found += [self._by_id[child], *self.ordered(child)]
        return found

    def _repr_html_(self) -> str:
        return self.table().to_html()


@dataclass(frozen=True, eq=False, repr=False)
class TreeTable(Result):
    """A tree of indicators: ``level, indicator, parent, weight`` (within the parent), ``whole, better, unit, scale``."""

    tree: IndicatorTree = None  # type: ignore[assignment]

    def title(self) -> str:
        return say(self.tree.title, self.language)

    def columns(self) -> tuple[Column, ...]:
        words = self.tree.words()
        return (
            Column("level", {"en": "level", "zh": "层级"}, "count"),
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", words),
            Column("parent", {"en": "belongs to", "zh": "上级"}, "text", {**words, "": {"en": "", "zh": ""}}),
            Column("weight", {"en": "weight there", "zh": "层内权重"}, "number", decimals=3),
            Column("whole", {"en": "weight in the whole", "zh": "总权重"}, "number", decimals=3),
            Column("better", {"en": "direction", "zh": "方向"}, "text", _DIRECTIONS),
            Column("unit", {"en": "unit", "zh": "单位"}),
            Column("scale", {"en": "to 0–100", "zh": "换算至 0–100"}),
        )

    def note(self) -> str:
        source = say(self.tree.source, self.language)
        if not source:
            return ""
        return f"来源：{source}。" if self.language == "zh" else f"Source: {source}."


def _faults(nodes: Sequence[TreeIndicator]) -> list[str]:
    """Everything that is wrong with a tree."""
    ids = [node.id for node in nodes]
    faults = [f"'{name}' is there twice" for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if not nodes:
        return ["it has no indicators"]
    by_id = {node.id: node for node in nodes}
    for node in nodes:
        if node.parent and node.parent not in by_id:
            faults.append(f"'{node.id}' belongs to '{node.parent}', which is not there")
        if not node.weight >= 0:
            faults.append(f"'{node.id}' has weight {node.weight:g}")
        if node.better not in _DIRECTIONS or not node.better:
            faults.append(f"'{node.id}': better must be 'higher' or 'lower', not {node.better!r}")
        elif isinstance(node.scale, Thresholds):
            faults += _threshold_faults(node)
        heads = node.id in {other.parent for other in nodes}
        if heads == (node.scale is not None):
            faults.append(f"'{node.id}' stands over others, so it can't have a scale of its own" if heads else
                          f"'{node.id}' has nothing below it, so it needs a scale (bounds, thresholds or percentile)")  # fmt: skip
    circles = [node.id for node in nodes if _in_circle(node, by_id)]
    if circles:
        faults.append(f"in a circle: {', '.join(circles)}")
    for parent in dict.fromkeys(node.parent for node in nodes):
        total = sum(node.weight for node in nodes if node.parent == parent)
        if abs(total - 1) > _SUM:
            where = f"below '{parent}'" if parent else "on the first level"
            faults.append(f"weights {where} sum to {total:.4g}, not 1")
    return faults


def _threshold_faults(node: TreeIndicator) -> list[str]:
    try:
        node.scale.check(node.better)  # type: ignore[union-attr]
    except SpecError as error:
        return [f"'{node.id}': {str(error).rstrip('.')}"]
    return []


def _in_circle(node: TreeIndicator, by_id: Mapping[str, TreeIndicator]) -> bool:
    seen, at = set(), node
    while at.parent in by_id:
        if at.id in seen:
            return True
        seen.add(at.id)
        at = by_id[at.parent]
    return False


# --- files -------------------------------------------------------------------------------------------------

_HEAD = ("id", "title", "source", "indicators")
_KEYS = ("id", "label", "parent", "weight", "bounds", "thresholds", "below", "percentile", "better", "unit", "source")


def available_indicator_trees() -> list[str]:
    """Names of the trees that come with the toolkit.

    >>> available_indicator_trees()
    ['service-five', 'service-four', 'service-three']
    """
    folder = resources.files("servqual.index_weights") / "trees"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_indicator_tree(name: str | Path, *, language: Language = "en") -> IndicatorTree:
    """A tree by name, or from your own TOML file. Copy a shipped one and change its bounds: these are examples.

    Raises
    ------
    SpecError
        If there is no such tree, or the file can't be used as written; the message lists every fault.

    Examples
    --------
    >>> load_indicator_tree("service-three").children("")
    ('network', 'users', 'business')
    """
    if str(name) in available_indicator_trees():
        text, where = (
            (resources.files("servqual.index_weights") / "trees" / f"{name}.toml").read_text(encoding="utf-8"),
            str(name),
        )
    elif Path(name).is_file():
        text, where = Path(name).read_text(encoding="utf-8-sig"), str(name)
    else:
        raise SpecError(
            f"there is no indicator tree '{name}', nor a file of that name. Shipped: {', '.join(available_indicator_trees())}."
        )
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not valid TOML: {error}.") from error
    return _as_tree(content, where).in_language(language)


def _as_tree(content: Mapping[str, Any], where: str) -> IndicatorTree:
    faults = [f"unknown key '{key}'" for key in content if key not in _HEAD]
    faults += [f"'{key}' is missing" for key in ("id", "title", "indicators") if key not in content]
    nodes = []
    for k, block in enumerate(content.get("indicators", [])):
        own = f"[[indicators]] {k + 1}" + (f" '{block['id']}'" if "id" in block else "")
        faults += [f"{own}: unknown key '{key}'" for key in block if key not in _KEYS]
        faults += [f"{own}: '{key}' is missing" for key in ("id", "label", "weight") if key not in block]
        if sum(key in block for key in ("bounds", "thresholds", "percentile")) > 1:
            faults.append(f"{own}: give one of bounds, thresholds, percentile")
        try:
            scale = _scale(block)
        except (SpecError, TypeError, ValueError) as error:
            faults.append(f"{own}: {str(error).rstrip('.')}")
            continue
        if {"id", "label", "weight"} <= set(block):
            nodes.append(TreeIndicator(block["id"], _text(block["label"]), block.get("parent", ""), block["weight"], scale,
                                       block.get("better", "higher"), _text(block.get("unit", {})), _text(block.get("source", {}))))  # fmt: skip
    if faults:
        raise SpecError(
            f"{where} can't be used: {'; '.join(faults[:12])}{f'; and {len(faults) - 12} more' if len(faults) > 12 else ''}."
        )
    return IndicatorTree(content["id"], _text(content["title"]), tuple(nodes), _text(content.get("source", {})))


def _text(given: Any) -> Text:
    return given if isinstance(given, Mapping) else {"en": str(given)}


def _scale(block: Mapping[str, Any]) -> Scale | None:
    if "bounds" in block:
        low, high = block["bounds"]
        return Bounds(float(low), float(high))
    if "thresholds" in block:
        return Thresholds(
            tuple((float(at), float(score)) for at, score in block["thresholds"]), float(block.get("below", 0))
        )
    return Percentile() if block.get("percentile") else None
