"""Weights of an index by any method, as one kind of result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from servqual.index_weights.experts import Ahp, ConsistencyTable, Delphi, DelphiRounds, Points
from servqual.index_weights.found import Asked, Direction, Found, Method
from servqual.index_weights.objective import ComponentTable, Critic, Entropy, Equal, PrincipalComponents, Spread
from servqual.index_weights.simplex import Array, effective_number
from servqual.inference import NUMBER_COLUMNS
from servqual.tabulation import Estimates
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.files.table import read_table
from survey_design.results import Column, Estimate, Language, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MethodName = Literal["equal", "points", "delphi", "ahp", "pca", "entropy", "critic", "sd"]
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (Equal(), Points(), Delphi(), Ahp(), PrincipalComponents(), Entropy(), Critic(), Spread())
}
_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "constant": {"en": "the same in all units: weight 0", "zh": "各单位取值相同，权重为 0"},
    "unanimous": {"en": "all experts gave the same", "zh": "各专家给分相同"},
}


@dataclass(frozen=True, eq=False, repr=False)
class IndexWeights(Estimates):
    """Weights of an index by one method: a row per indicator.

    Frame columns: ``indicator, weight, low, high``, then those of the method, ``n`` (experts or units), ``reason``.

    Attributes
    ----------
    method_name, method_title : which method
    consistency : of AHP, a :class:`~servqual.index_weights.experts.ConsistencyTable`
    rounds : of Delphi
    components : of principal components
    labels : of the indicators
    n_dropped : experts or units left out
    draws : (replicates, k) weights of bootstrap samples
    units : who the experts or units were
    """

    method_name: str = ""
    method_title: Text = field(default_factory=dict)
    own: tuple[Column, ...] = ()
    made: Text = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    n_dropped: int = 0
    consistency: ConsistencyTable | None = None
    rounds: DelphiRounds | None = None
    components: ComponentTable | None = None
    draws: Array = field(default_factory=lambda: np.empty((0, 0)))
    units: tuple[Any, ...] = ()
    seed: int = 0

    def title(self) -> str:
        name = say(self.method_title, self.language)
        return f"指标权重：{name}" if self.language == "zh" else f"Weights of the index: {name}"

    def columns(self) -> tuple[Column, ...]:
        interval = self.frame["low"].notna().any()
        bounds = [
            Column(name, NUMBER_COLUMNS[name].label, "number", decimals=3) for name in ("low", "high") if interval
        ]
        return (
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", self.labels),
            Column("weight", {"en": "weight", "zh": "权重"}, "number", decimals=3),
            *bounds,
            *(column for column in self.own if column.name in self.frame and self.frame[column.name].notna().any()),
            *self.reasons(_REASONS),
        )

    @property
    def method(self) -> str:
        return say(self.made, self.language) if self.made else ("无区间" if self.language == "zh" else "no intervals")

    def how(self, kind: Text | str = "") -> str:
        if not self.frame["low"].notna().any():
            return "无区间" if self.language == "zh" else "no intervals"
        percent = f"{100 * self.level:g}%"
        return f"{percent} 区间：{self.method}" if self.language == "zh" else f"{percent} intervals: {self.method}"

    def about(self) -> tuple[Text, ...]:
        count = effective_number(self.frame["weight"].to_numpy())
        return ({"en": f"effective number of indicators {count:.1f} of {len(self.frame)}",
                 "zh": f"有效指标数 {count:.1f}（共 {len(self.frame)} 个）"},)  # fmt: skip

    # -- what can be asked

    def weights(self) -> pd.Series:
        """The weights by indicator; they sum to 1."""
        return pd.Series(self.frame["weight"].to_numpy(), index=list(self.frame["indicator"]), name="weight")

    def label(self, indicator: str) -> str:
        """What an indicator is called."""
        return say(self.labels.get(indicator, {"en": indicator}), self.language)

    def row(self, indicator: str) -> pd.Series:
        """The numbers of one indicator."""
        return self.find("indicator", indicator, {}, "Indicators")

    def estimate(self, indicator: str) -> Estimate:
        """One weight with its interval; n is the number of experts or units."""
        row = self.row(indicator)
        return Estimate(row["weight"], np.nan, row["low"], row["high"], int(row["n"]), np.nan, self.level, method=self.method,
                        reason=say(_REASONS[row["reason"]], self.language))  # fmt: skip

    def sentence(self, indicator: str | None = None) -> str:
        """The heaviest and the lightest indicator, or one weight with its interval."""
        zh = self.language == "zh"
        if indicator is None:
            return self._ends() + self._doubt()
        row = self.row(indicator)
        value, why = f"{row['weight']:.3f}", say(_REASONS[row["reason"]], self.language)
        told = self.estimate(indicator).interval(self.language, 3)
        more = told if np.isfinite(row["low"]) else why or told
        return (
            f"{self.label(indicator)}：权重 {value}（{more}）。"
            if zh
            else f"{self.label(indicator)}: weight {value} ({more})."
        )

    def _ends(self) -> str:
        """The heaviest and the lightest; indicators whose weights look alike in the table are named together."""
        zh, shown = self.language == "zh", self.frame["weight"].round(3)
        name, both = say(self.method_title, self.language), []
        if shown.nunique() == 1:
            value = f"{shown.iloc[0]:.3f}"
            return f"{name}：各指标权重相同，均为 {value}。" if zh else f"{name}: all weigh the same, {value}."
        for end in (shown.max(), shown.min()):
            alike = [self.label(each) for each in self.frame.loc[shown == end, "indicator"]]
            listed = "、".join(alike) if zh else " and ".join(filter(None, [", ".join(alike[:-1]), alike[-1]]))
            each = ("各" if zh else " each") if len(alike) > 1 else ""
            both.append(f"{listed} {each}{end:.3f}" if zh else f"{listed} {end:.3f}{each}")
        return (
            spaced(f"{name}：权重最大为{both[0]}，最小为{both[1]}。")
            if zh
            else f"{name}: most on {both[0]}, least on {both[1]}."
        )

    def _doubt(self) -> str:
        """That the comparisons behind the weights contradict themselves; empty where they don't."""
        if self.consistency is None or not self.consistency.frame["flagged"].any():
            return ""
        worst = float(self.consistency.frame["cr"].max())
        size = "" if np.isnan(worst) else (f"（CR {worst:.2f}）" if self.language == "zh" else f" (CR {worst:.2f})")
        return f"判断矩阵自相矛盾过多{size}，应先复核。" if self.language == "zh" else (
            f" The comparisons contradict themselves too much{size}: have them looked at again first.")  # fmt: skip

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every weight with its interval, and where equal weights would be."""
        from servqual.plots.index_weights import draw_weights

        return draw_weights(self, ax)


def index_weights(
    table: Any,
    *,
    method: MethodName | Method,
    indicators: Sequence[str] | None = None,
    unit: str | None = None,
    better: Mapping[str, Direction] | None = None,
    labels: Mapping[str, Text] | None = None,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    language: Language = "en",
) -> IndexWeights:
    """What should an index's indicators weigh, by experts or by the data's own structure?

    Parameters
    ----------
    table : what the method reads. "points": a row per expert, a column per indicator, 100 points in each row. "delphi": the same with
        a row per expert and round. "ahp": a matrix of comparisons in pairs, or a mapping from expert to matrix. "pca", "entropy",
        "critic", "sd": a row per unit (stores, regions), a column per indicator. "equal": any of these, or a list of names. A file's
        path instead of a frame is read
    method : a word, or a value such as ``Points(average="median")``, ``Delphi(cv=0.2)``, ``Ahp(group="aip")``,
        ``PrincipalComponents("oecd")``, ``Entropy(rescale=True)``
    indicators : columns to weigh, in that order; all but ``unit`` without it
    unit : column with the name of the expert or unit; else the index
    better : "lower" for indicators of which less is better
    labels : of the indicators, ``{"speed": {"en": "speed", "zh": "速度"}}``
    level, replicates, seed : intervals: of experts' mean points by t; of weights from units by a bootstrap of units
        (0 replicates: none), which is seeded with 0 unless told otherwise; others have none

    Returns
    -------
    IndexWeights
        Hand ``.weights()`` to :func:`~servqual.index_weights.fit_index_weights` as ``start=``, or to ``IndicatorTree.with_weights``.

    Raises
    ------
    SpecError, DataError
        For unknown indicators, points that do not sum to 100, matrices that are not reciprocal, values below 0 for entropy, columns
        that are all constant; every cell at fault stands in ``.cases``.

    Notes
    -----
    Experts say what ought to count; the spread of data says what tells units apart. The two answer different questions, and
    no formula turns one into the other: :func:`~servqual.index_weights.compare_weights` shows what depends on the choice.
    Intervals of data weights hold for units drawn at random; with all units of a chain there is nothing to draw.

    References
    ----------
    See the methods. Checked against AHPy, pymcdm and R (tests/test_weighting.py).

    Examples
    --------
    >>> points = pd.DataFrame(
    ...     {"who": ["A", "B", "C"], "care": [50, 40, 60], "speed": [30, 40, 20], "price": [20, 20, 20]}
    ... )
    >>> found = index_weights(points, method="points", unit="who")
    >>> found.weights().round(2).to_dict()
    {'care': 0.5, 'speed': 0.3, 'price': 0.2}
    >>> found.in_language("zh").sentence()
    '专家百分配分法：权重最大为 care 0.500，最小为 price 0.200。'
    """
    chosen = _chosen(method)
    table = _opened(table)
    check_between("level", level, 0, 1)
    if isinstance(replicates, bool) or not isinstance(replicates, int) or (replicates and replicates < 50):
        raise SpecError(f"replicates={replicates!r} must be 0, or a whole number of 50 or more.")
    for name, way in (better or {}).items():
        check_choice(f"better[{name!r}]", way, Direction)
    asked = Asked(
        None if indicators is None else tuple(indicators),
        unit,
        dict(better or {}),
        dict(labels or {}),
        level,
        replicates,
        seed,
    )
    return as_result(chosen.found(table, asked), asked, chosen.name, chosen.title, chosen.columns, language)


def _opened(table: Any) -> Any:
    """The table, or what the file of that name holds; the same for the files of several experts."""
    if isinstance(table, (str, Path)):
        return read_table(table)[0]
    if isinstance(table, Mapping):
        return {key: _opened(each) for key, each in table.items()}
    return table


def _chosen(method: Any) -> Method:
    """The method itself, or the one of that name."""
    if isinstance(method, str):
        check_choice("method", method, MethodName)
        return METHODS[method]
    if not hasattr(method, "found"):
        raise SpecError(
            f"method={method!r} is no method. Give one of {', '.join(map(repr, METHODS))}, or a value such as Points()."
        )
    chosen: Method = method
    return chosen


def as_result(
    found: Found, asked: Asked, name: str, title: Text, own: tuple[Column, ...], language: Language
) -> IndexWeights:
    """Weights as a table."""
    k = len(found.names)
    reason = list(found.reason) or [""] * k
    frame = pd.DataFrame({"indicator": found.names, "weight": found.weights, "low": found.low, "high": found.high, **found.more,
                          "n": found.n, "reason": reason})  # fmt: skip
    result = IndexWeights(
        frame, "en", level=asked.level, remarks=found.remarks, method_name=name, method_title=title, own=own, made=found.how,
        labels=asked.labels, n_dropped=found.n_dropped, consistency=found.consistency, rounds=found.rounds,  # type: ignore[arg-type]
        components=found.components, draws=found.draws, units=found.units, seed=asked.seed,  # type: ignore[arg-type]
    )  # fmt: skip
    return result if language == "en" else result.in_language(language)
