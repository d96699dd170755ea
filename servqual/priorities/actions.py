"""What can be done for the money? Actions with cost, gain and reach; the best set within a budget; how sure, and what would change it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import label_key, number_of, plain_id, text_of
from servqual.drivers.importance import Drivers, chance_words
from servqual.index_weights.weights import IndexWeights
from servqual.instruments import Instrument
from servqual.priorities.programme import (
    ENUMERATED,
    Rules,
    Search,
    Sets,
    Units,
    all_sets,
    benefits_of,
    best_of_draws,
    best_set,
    cheapest_cost,
    envelope_of,
    frontier_of,
    units_of,
)
from servqual.priorities.quadrants import Quadrants
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns, raise_faults
from survey_design.files.table import Source, read_table
from survey_design.results import Column, Language, Result, Text, say, spaced
from survey_design.size.ledger import check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.priorities.ranks import Priorities

Array = NDArray[np.float64]
Gains = Literal["likely", "mean"]

OWNERS: Mapping[str, Text] = {
    "store": {"en": "store", "zh": "门店"},
    "control": {"en": "control", "zh": "管控"},
    "support": {"en": "support", "zh": "支撑"},
}
DECISIONS: Mapping[bool, Text] = {True: {"en": "take", "zh": "采取"}, False: {"en": "leave", "zh": "不采取"}}
REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "too dear": {"en": "dearer than the whole budget", "zh": "成本超过全部预算"},
    "needs too dear": {"en": "dearer than the budget with what it needs", "zh": "连同前置行动超出预算"},
    "no benefit": {
        "en": "brings nothing: no gain, or a target without importance",
        "zh": "无收益：无提升或目标无重要性",
    },
    "excluded": {"en": "cannot go with an action that is taken", "zh": "与已采取的行动互斥"},
    "outweighed": {"en": "others bring more for the money", "zh": "同样花费下其他行动收益更大"},
    "needed": {"en": "brings nothing itself, but is needed", "zh": "自身无收益，但为其他行动所需"},
    "required": {"en": "taken for its owner's minimum", "zh": "为满足责任方最低数量而采取"},
}
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "action": ("action", "行动", "行动编号", "措施", "措施编号"),
    "target": ("target", "目标"),
    "cost": ("cost", "成本", "费用"),
    "gain": ("gain", "提升"),
    "label_en": ("label_en",),
    "label_zh": ("label_zh", "行动名称", "措施名称"),
    "owner": ("owner", "责任方"),
    "gain_low": ("gain_low", "提升下限", "10% 低于", "10% below"),
    "gain_high": ("gain_high", "提升上限", "10% 高于", "10% above"),
    "reach": ("reach", "覆盖率"),
    "needs": ("needs", "前置行动"),
    "excludes": ("excludes", "互斥行动"),
}
_OWNER_WORDS = {label_key(word): name for name, words in OWNERS.items() for word in words.values()}
_REQUIRED = ("action", "target", "cost", "gain")
_NUMBERS = ("cost", "gain", "gain_low", "gain_high", "reach")
_BETWEEN = re.compile(r"[;,；，、\s]+")
_GRID = 40  # budgets of the frontier where sets are too many to write down
_Z10 = 1.2815515655446004  # 10 % of a normal distribution lie further below its mean than so many deviations


# --- actions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """One thing that could be done.

    Attributes
    ----------
    id, label, owner : what it is called, and who would do it ("" where nobody was named)
    target : an item or a dimension of the instrument; a dimension means all of its items
    cost : in any currency, the same for all
    gain, low, high : rise of the target's mean rating among customers whom it reaches: most likely, and the range that holds 80 %
    reach : share of customers whom it touches
    needs, excludes : other actions without which, or with which, it cannot be taken
    """

    id: str
    target: str
    cost: float
    gain: float
    low: float
    high: float
    reach: float = 1.0
    owner: str = ""
    label: Text = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Actions(Result):
    """What could be done, one row per action, checked once against the instrument.

    Frame columns: ``action, target, owner, cost, gain, gain_low, gain_high, reach, needs, excludes``.

    Attributes
    ----------
    actions : the same as :class:`Action` values
    instrument : whose items and dimensions are aimed at
    source : the file
    remarks : what else must be known of the reading
    """

    actions: tuple[Action, ...] = ()
    instrument: Instrument = None  # type: ignore[assignment]
    source: Source = field(default_factory=Source)
    remarks: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.actions)

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions)

    @cached_property
    def words(self) -> Mapping[str, Text]:
        """What the actions are called."""
        return {each.id: each.label or {"en": each.id} for each in self.actions}

    def label(self, action: str) -> str:
        """One action in words."""
        return say(self.words[action], self.language)

    def title(self) -> str:
        return "可采取的行动" if self.language == "zh" else "What could be done"

    def columns(self) -> tuple[Column, ...]:
        owner = (Column("owner", {"en": "owner", "zh": "责任方"}, "text", OWNERS),) if any(self.frame["owner"]) else ()
        return (
            Column("action", {"en": "action", "zh": "行动"}, "text", self.words),
            Column("target", {"en": "target", "zh": "目标"}, "text", self.instrument.words()),
            *owner,
            Column("cost", {"en": "cost", "zh": "成本"}, "count"),
            Column("gain", {"en": "gain", "zh": "提升"}, "number"),
            Column("gain_low", {"en": "10% below", "zh": "10% 低于"}, "number"),
            Column("gain_high", {"en": "10% above", "zh": "10% 高于"}, "number"),
            Column("reach", {"en": "reach", "zh": "覆盖率"}, "share"),
            *(Column(name, {"en": name, "zh": zh}) for name, zh in (("needs", "前置行动"), ("excludes", "互斥行动"))
              if any(self.frame[name])),
        )  # fmt: skip

    def note(self) -> str:
        said: Text = {"en": "Gain: rise of the target's mean rating among customers whom the action reaches, most likely value and the "
                            "range that holds 80%. These are judgements, not measurements.",
                      "zh": "提升：行动所覆盖顾客对目标的平均评分升幅，为最可能值及 80% 范围；均为判断，并非测量所得。"}  # fmt: skip
        return _sentences([said, *self.remarks], self.language)


def read_actions(
    source: str | Path | pd.DataFrame,
    instrument: Instrument,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str | int = 0,
    encoding: str | None = None,
) -> Actions:
    """Actions from a file or a frame, each cell checked.

    Parameters
    ----------
    source : file (CSV, Excel, …) or frame with a row per action. Columns: ``action, target, cost, gain``; optional ``label_en,
        label_zh, owner`` (store, control, support, or 门店、管控、支撑), ``gain_low, gain_high`` (the gain's 80 % range; without it the gain counts as
        known), ``reach`` (0 to 1; without it 1), ``needs, excludes`` (ids, separated by ``;`` or ``,``)
        Headings, targets and owners are known in English and Chinese as the tables show them: a target by its id or its label
    instrument : whose items and dimensions the targets are
    columns : ours -> the file's, where a column has another name
    sheet, encoding : of a file

    Returns
    -------
    Actions

    Raises
    ------
    DataError
        With every faulty cell in ``.cases``: a cost below 0, an unknown target, a gain outside its range, an action that needs an
        unknown one, needs itself, directly or round a circle, excludes itself, or can never be taken because what it needs excludes
        each other.

    Examples
    --------
    >>> from servqual import load_instrument
    >>> frame = pd.DataFrame(
    ...     {
    ...         "action": ["train", "till"],
    ...         "target": ["responsiveness", "REL1"],
    ...         "cost": [40_000, 90_000],
    ...         "gain": [0.3, 0.5],
    ...     }
    ... )
    >>> len(read_actions(frame, load_instrument("servqual-22")))
    2
    """
    if isinstance(source, pd.DataFrame):
        table, read = source.reset_index(drop=True), Source("data frame", n_raw=len(source))
    else:
        table, read = read_table(source, sheet=sheet, encoding=encoding)
    table = _named(table, columns or {}, read.name)
    if table.empty:
        raise DataError(f"{read.name} has no actions: write one per row.")
    cells = _cells(table, instrument)
    lines = [int(row) + 1 for row in read.rows] if read.rows is not None else list(range(2, len(table) + 2))
    raise_faults(
        [*_number_faults(table, cells, instrument, lines), *_link_faults(cells, lines)], f"the actions of {read.name}"
    )
    actions = tuple(_action(row) for row in cells.to_dict("records"))
    return _actions(actions, instrument, read)


def _actions(actions: tuple[Action, ...], instrument: Instrument, source: Source) -> Actions:
    frame = pd.DataFrame({
        "action": [a.id for a in actions], "target": [a.target for a in actions], "owner": [a.owner for a in actions],
        "cost": [a.cost for a in actions], "gain": [a.gain for a in actions], "gain_low": [a.low for a in actions],
        "gain_high": [a.high for a in actions], "reach": [a.reach for a in actions],
        "needs": [", ".join(a.needs) for a in actions], "excludes": [", ".join(a.excludes) for a in actions],
    })  # fmt: skip
    known = [a for a in actions if a.low == a.high]
    remark: Text = {"en": f"{len(known)} of {len(actions)} gains come without a range and count as known",
                    "zh": f"{len(actions)} 项提升中有 {len(known)} 项未给范围，按已知值处理"}  # fmt: skip
    return Actions(frame, instrument.language, actions=actions, instrument=instrument, source=source,
                   remarks=(remark,) if known else ())  # fmt: skip


def _named(table: pd.DataFrame, columns: Mapping[str, str], where: str) -> pd.DataFrame:
    """The columns we know under our names."""
    unknown = [name for name in columns if name not in HEADINGS]
    turned = {columns[name]: name for name in unknown if name in table.columns and columns[name] in HEADINGS}
    if turned:
        raise SpecError(f"columns= goes from our name to the file's here: write columns={turned!r}.")
    if unknown:
        raise SpecError(
            f"columns= names {', '.join(map(repr, unknown))}, which mean nothing here. Known: {', '.join(HEADINGS)}."
        )
    check_columns(columns.values(), table.columns, where)
    present = {text_of(name).lower(): name for name in table.columns}
    found: dict[str, Any] = {}
    for name, headings in HEADINGS.items():
        heading = columns.get(name) or next((present[each] for each in headings if each in present), None)
        if heading is not None:
            found[name] = table[heading]
    check_columns(_REQUIRED, [*found], where, near=list(table.columns))
    return pd.DataFrame(found)


def _cells(table: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Every cell as text, number (nan where there is none) or ids; what the file lacks is filled in."""
    texts = {
        name: [plain_id(text_of(cell)) for cell in table[name]] if name in table else [""] * len(table)
        for name in HEADINGS
    }
    for name in ("label_en", "label_zh"):  # shown as they were written, with full-width signs
        if name in table:
            texts[name] = [str(cell).strip() if text_of(cell) else "" for cell in table[name]]
    for name, spelled in (("target", _spellings(instrument)), ("owner", _OWNER_WORDS)):
        texts[name] = [spelled.get(label_key(cell), cell) for cell in texts[name]]
    cells = pd.DataFrame(texts, dtype=object)
    for name in _NUMBERS:
        numbers = pd.Series([cell.replace(",", "") for cell in texts[name]], dtype=object)
        cells[name] = pd.to_numeric(numbers, errors="coerce").to_numpy(float)
    cells["reach"] = cells["reach"].where(_given(table, "reach"), 1.0)
    for name in ("gain_low", "gain_high"):
        cells[name] = cells[name].where(_given(table, name), cells["gain"])
    for name in ("needs", "excludes"):
        cells[name] = [tuple(dict.fromkeys(filter(None, _BETWEEN.split(cell)))) for cell in cells[name]]
    return cells


def _spellings(instrument: Instrument) -> dict[str, str]:
    """What a target may be called -> its id: the ids, and labels that one item or dimension alone has."""
    things: tuple[Any, ...] = (*instrument.items, *instrument.dimensions)
    words = instrument.words()
    called = [(label_key(label), each.id) for each in things for label in words[each.id].values()]
    once = {label: name for label, name in called if len({other for again, other in called if again == label}) == 1}
    return once | {label_key(each.id): each.id for each in things}


def _given(table: pd.DataFrame, name: str) -> Any:
    """(n,) True where a cell of the file holds something."""
    return (
        np.array([text_of(cell) != "" for cell in table[name]]) if name in table else np.zeros(len(table), dtype=bool)
    )


def _number_faults(
    table: pd.DataFrame, cells: pd.DataFrame, instrument: Instrument, lines: Sequence[int]
) -> list[dict[str, Any]]:
    """Ids, targets, owners and numbers that cannot be used."""
    width = instrument.scale.high - instrument.scale.low
    targets = _targets(instrument)
    ids = ", ".join([*(each.id for each in instrument.items), *(each.id for each in instrument.dimensions)])
    faults: list[dict[str, Any]] = []
    for k, (row, line) in enumerate(zip(cells.to_dict("records"), lines, strict=True)):
        low, gain, high = row["gain_low"], row["gain"], row["gain_high"]
        ordered = not low <= gain <= high and np.isfinite([low, gain, high]).all()
        checks = [
            ("action", not row["action"], "an action needs a name"),
            ("action", bool(row["action"]) and (cells["action"] == row["action"])[:k].any(), "named twice"),
            (
                "target",
                row["target"] not in targets,
                f"{row['target']!r} is no item or dimension of {instrument.name}: {ids}",
            ),
            ("owner", row["owner"] not in ("", *OWNERS), f"must be {', '.join(OWNERS)}, or blank"),
            *((name, not np.isfinite(row[name]), _no_number(table, name, k)) for name in _NUMBERS),
            ("cost", row["cost"] < 0, "a cost is 0 or more"),
            ("gain", gain < 0, "a gain is 0 or more"),
            ("gain", gain > width, f"the scale is only {width:g} points wide"),
            ("gain_low", ordered and low > high, "gain_low is above gain_high"),
            ("gain", ordered and low <= high, f"lies outside its range, {low:g} to {high:g}"),
            ("reach", row["reach"] < 0 or row["reach"] > 1, "a share from 0 to 1 (0.5 for 50%)"),
        ]
        faults += [{"action": row["action"], "row": line, "column": name, "value": table[name].iloc[k] if name in table else "",
                    "problem": problem} for name, wrong, problem in checks if wrong]  # fmt: skip
    return faults


def _no_number(table: pd.DataFrame, name: str, k: int) -> str:
    """What is wrong with a cell that is no number; a percentage is shown as the share that it means."""
    cell = text_of(table[name].iloc[k]) if name in table else ""
    share = number_of(cell.rstrip("%％")) if cell.endswith(("%", "％")) else float("nan")
    return f"no number; write {share / 100:g} for {cell}" if np.isfinite(share) else "no number"


def _targets(instrument: Instrument) -> set[str]:
    """All that can be aimed at."""
    return {item.id for item in instrument.items} | {dimension.id for dimension in instrument.dimensions}


def _link_faults(cells: pd.DataFrame, lines: Sequence[int]) -> list[dict[str, Any]]:
    """Needs and exclusions that cannot be kept."""
    needs = dict(zip(cells["action"], cells["needs"], strict=True))
    excludes = dict(zip(cells["action"], cells["excludes"], strict=True))
    apart = {frozenset(pair) for name, others in excludes.items() for pair in ((name, other) for other in others)}
    faults: list[dict[str, Any]] = []
    for name, line in zip(cells["action"], lines, strict=True):
        whole = _closure(name, needs)
        clash = sorted(" and ".join(sorted(pair)) for pair in apart if len(pair) == 2 and pair <= whole | {name})
        unknown = {column: [other for other in told[name] if other not in needs]
                   for column, told in (("needs", needs), ("excludes", excludes))}  # fmt: skip
        checks = [
            *((column, bool(others), f"no such action: {', '.join(others)}") for column, others in unknown.items()),
            ("needs", name in needs[name], "needs itself"),
            ("needs", name in whole and name not in needs[name], "needs itself round a circle"),
            ("excludes", name in excludes[name], "excludes itself"),
            ("needs", bool(clash), f"can never be taken: {'; '.join(clash)} exclude each other"),
        ]
        faults += [{"action": name, "row": line, "column": column, "value": ", ".join({"needs": needs, "excludes": excludes}[column][name]),
                    "problem": problem} for column, wrong, problem in checks if wrong]  # fmt: skip
    return faults


def _closure(name: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    """All that an action needs, and what that needs."""
    found: set[str] = set()
    waiting = list(needs.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting.extend(needs.get(other, ()))
    return found


def _action(row: Mapping[Any, Any]) -> Action:
    label = {language: row[f"label_{language}"] for language in ("en", "zh") if row[f"label_{language}"]}
    return Action(row["action"], row["target"], row["cost"], row["gain"], row["gain_low"], row["gain_high"], row["reach"], row["owner"],
                  label, row["needs"], row["excludes"])  # fmt: skip


# --- what is not known for sure ----------------------------------------------------------------------------


def two_piece_normal(likely: float, low: float, high: float) -> tuple[float, float]:
    """Deviations below and above the mode of the two-piece normal distribution of which 10 % lie below ``low`` and 10 % above ``high``.

    A normal density with deviation s1 left of its mode and s2 right of it, joined there; the part ``s1 / (s1 + s2)`` lies left. Equal
    distances give the normal distribution.

    References
    ----------
    Wallis (2014), The two-piece normal, binormal, or double Gaussian distribution, Statistical Science 29, 106-112, doi:10.1214/13-STS417.

    >>> [round(s, 4) for s in two_piece_normal(0.0, -1.2816, 1.2816)]
    [1.0, 1.0]
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    below, above = likely - low, high - likely
    if below == above:
        return below / _Z10, above / _Z10
    least, most = 0.1 + 1e-12, 0.9 - 1e-12

    def off(left: float) -> float:
        return float(left * -ndtri(0.05 / left) * above - (1 - left) * -ndtri(0.05 / (1 - left)) * below)

    left = least if off(least) >= 0 else most if off(most) <= 0 else brentq(off, least, most, xtol=1e-14)
    if left <= 0.5:
        whole = above / -ndtri(0.05 / (1 - left)) / (1 - left)
    else:
        whole = below / -ndtri(0.05 / left) / left
    return float(left * whole), float((1 - left) * whole)


def _draw_gains(actions: Sequence[Action], draws: int, rng: np.random.Generator) -> Array:
    """(draws, n) gains, each by itself."""
    spread = np.array([two_piece_normal(a.gain, a.low, a.high) for a in actions])
    size, side = np.abs(rng.standard_normal((draws, len(actions)))), rng.random((draws, len(actions)))
    whole = spread.sum(axis=1)
    left = side * whole < spread[:, 0]
    return np.array([a.gain for a in actions]) + size * np.where(left, -spread[:, 0], spread[:, 1])


def gains_at(actions: Sequence[Action], chance: float) -> Array:
    """(n,) what each gain stays below with this chance: all of them misjudged the same way at once.

    >>> one = Action("a", "REL1", 1.0, 0.3, 0.1, 0.7, 1.0)
    >>> [round(float(gains_at([one], chance)[0]), 6) for chance in (0.1, 0.9)]
    [0.1, 0.7]
    """
    from scipy.special import ndtri

    spread = np.array([two_piece_normal(a.gain, a.low, a.high) for a in actions])
    whole = spread.sum(axis=1)
    left = np.divide(spread[:, 0], whole, out=np.full(len(whole), 0.5), where=whole > 0)
    below = chance < left
    share = np.where(
        below, chance / np.where(below, 2 * left, 1), 1 - (1 - chance) / np.where(below, 1, 2 * (1 - left))
    )
    return np.array([a.gain for a in actions]) + np.where(below, spread[:, 0], spread[:, 1]) * ndtri(
        np.clip(share, 1e-12, 1 - 1e-12)
    )


def _mean_gains(actions: Sequence[Action]) -> Array:
    """(n,) means of the same distributions."""
    spread = np.array([two_piece_normal(a.gain, a.low, a.high) for a in actions])
    return np.array([a.gain for a in actions]) + np.sqrt(2 / np.pi) * (spread[:, 1] - spread[:, 0])


@dataclass(frozen=True, eq=False)
class _Importance:
    """What items weigh, summing to 1, as found and in each draw, and how it was drawn."""

    value: Array
    draws: Array
    how: Text
    unweighted: tuple[str, ...] = ()


def _importance(importance: Any, instrument: Instrument, draws: int, rng: np.random.Generator) -> _Importance:
    """Weights of items from any kind of importance."""
    names, value, drawn, how = _given_importance(importance, draws, rng)
    spread, missing = _to_items(names, instrument)
    faulty = [
        f"{name} ({number:g})"
        for name, number in zip(names, value, strict=True)
        if not number >= 0 or not np.isfinite(number)
    ]
    if faulty or not value.sum() > 0:
        raise SpecError(
            f"importance must be 0 or more, and above 0 for something; not so: {', '.join(faulty) or 'all are 0'}."
        )
    drawn = np.maximum(drawn, 0)
    total = drawn.sum(axis=1, keepdims=True)
    drawn = np.where(total > 0, drawn / np.where(total > 0, total, 1), value / value.sum())
    return _Importance(value / value.sum() @ spread, drawn @ spread, how, missing)


def _given_importance(importance: Any, draws: int, rng: np.random.Generator) -> tuple[list[str], Array, Array, Text]:
    """Names, values and (draws, names) draws of importance, not yet scaled."""
    if isinstance(importance, Drivers):
        if importance.by:
            raise SpecError("importance= is split by groups: compute the drivers of one group, or of all together.")
        value, se = (importance.frame[name].to_numpy(float) for name in ("importance", "se"))
        normal: Text = {"en": "importance from normal draws with its standard errors, each by itself, none below 0",
                        "zh": "重要性按其标准误作正态抽取，彼此独立，不低于 0"}  # fmt: skip
        drawn = value + np.nan_to_num(se) * rng.standard_normal((draws, len(value)))
        return [str(name) for name in importance.frame["driver"]], value, drawn, normal
    if isinstance(importance, IndexWeights):
        return _of_weights(importance, draws, rng)
    placed = getattr(importance, "quadrants", importance)
    if isinstance(placed, Quadrants):
        return _of_quadrants(placed, draws, rng)
    if isinstance(importance, pd.DataFrame):
        table = importance.to_numpy(float)
        given: Text = {"en": "importance from the replicates given", "zh": "重要性取自所给重复样本"}
        return (
            [str(name) for name in importance.columns],
            table.mean(axis=0),
            table[rng.integers(0, len(table), draws)],
            given,
        )
    if not isinstance(importance, Mapping | pd.Series) or not len(importance):
        raise SpecError(
            "importance= must be a mapping from item or dimension to a number, a frame of replicates, Drivers, IndexWeights, Quadrants or "
            "Priorities."
        )
    fixed = (
        np.array([float(number) for number in importance.values()])
        if isinstance(importance, Mapping)
        else importance.to_numpy(float)
    )
    known: Text = {"en": "importance as given, without error", "zh": "重要性按所给数值，不计误差"}
    return [str(name) for name in importance.keys()], fixed, np.tile(fixed, (draws, 1)), known  # noqa: SIM118 (a Series iterates over values)


def _of_quadrants(placed: Quadrants, draws: int, rng: np.random.Generator) -> tuple[list[str], Array, Array, Text]:
    """Importance as the map of importance and performance has it, items without any left out."""
    if placed.by:
        raise SpecError("importance= is split by groups: place the items of one group, or of all together.")
    rows = placed.frame[placed.frame["importance"].notna()]
    value, se = (rows[name].to_numpy(float) for name in ("importance", "importance_se"))
    drawn = value + np.nan_to_num(se) * rng.standard_normal((draws, len(value)))
    normal: Text = {"en": "importance from normal draws with its standard errors, each by itself, none below 0",
                    "zh": "重要性按其标准误作正态抽取，彼此独立，不低于 0"}  # fmt: skip
    return [str(name) for name in rows["item"]], value, drawn, normal


def _of_weights(weights: IndexWeights, draws: int, rng: np.random.Generator) -> tuple[list[str], Array, Array, Text]:
    """Weights of an index with their bootstrap samples, else with normal draws as wide as their intervals."""
    from scipy.stats import t

    frame = weights.frame
    names, value = [str(name) for name in frame["indicator"]], frame["weight"].to_numpy(float)
    if weights.draws.size:
        resampled: Text = {"en": "importance from bootstrap samples of the weights", "zh": "重要性取自权重的自助样本"}
        return names, value, weights.draws[rng.integers(0, len(weights.draws), draws)], resampled
    wide = (frame["high"] - frame["low"]).to_numpy(float)
    if np.isfinite(wide).any():
        se = np.nan_to_num(wide / 2 / t.isf((1 - weights.level) / 2, np.maximum(frame["n"].to_numpy(float) - 1, 1)))
        normal: Text = {"en": "importance from normal draws as wide as the intervals of the weights, each by itself, none below 0",
                        "zh": "重要性按权重区间作正态抽取，彼此独立，不低于 0"}  # fmt: skip
        return names, value, value + se * rng.standard_normal((draws, len(value))), normal
    known: Text = {"en": "weights without error, as their method gives none", "zh": "权重方法不提供误差，按已知值处理"}
    return names, value, np.tile(value, (draws, 1)), known


def _to_items(names: Sequence[str], instrument: Instrument) -> tuple[Array, tuple[str, ...]]:
    """(names, items) how importance falls on items, and items that have none; a dimension's is shared evenly among its items."""
    items = [item.id for item in instrument.items]
    dimensions = {item.id: item.dimension for item in instrument.items}
    unknown = [name for name in names if name not in items and name not in dimensions.values()]
    whole = [name for name in names if name not in items]
    if unknown or (whole and len(whole) < len(names)):
        raise SpecError(
            f"importance= must name items of {instrument.name}, or its dimensions, not both"
            + (f"; unknown: {', '.join(map(repr, unknown))}." if unknown else ".")
        )
    of = dimensions if whole else {name: name for name in items}
    spread = np.array([[float(of[item] == name) for item in items] for name in names])
    spread /= spread.sum(axis=1, keepdims=True)
    return spread, tuple(item for item, weight in zip(items, spread.sum(axis=0), strict=True) if not weight)


# --- the question ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Question:
    """Which actions, under which rules, lifting what: all that a choice is computed from."""

    actions: Actions
    rules: Rules
    units: Units
    rise: Array
    weight: Array
    rise_draws: Array
    weight_draws: Array

    @property
    def ids(self) -> list[str]:
        """Of the actions, in their order."""
        return [each.id for each in self.actions]


def _question(
    actions: Actions, budget: float, importance: _Importance, room: Mapping[str, float], minimum: Mapping[str, int], gains: Gains,
    drawn: Array,
) -> _Question:  # fmt: skip
    instrument, all_of = actions.instrument, tuple(actions)
    items = instrument.items
    touches = np.array([[float(a.target in (item.id, item.dimension)) for a in all_of] for item in items])
    reach = np.array([a.reach for a in all_of])
    gain = _mean_gains(all_of) if gains == "mean" else np.array([a.gain for a in all_of])
    units, (weight, weight_draws) = units_of(touches, _room(room, instrument), [importance.value, importance.draws])
    return _Question(actions, _rules(all_of, budget, minimum), units, gain * reach, weight, drawn * reach, weight_draws)


def _rules(actions: Sequence[Action], budget: float, minimum: Mapping[str, int]) -> Rules:
    place = {each.id: k for k, each in enumerate(actions)}
    unknown = [owner for owner in minimum if owner not in {a.owner for a in actions if a.owner}]
    few = [owner for owner, number in minimum.items() if not isinstance(number, int) or number < 0]
    if unknown or few:
        raise SpecError(
            f"minimum= must give a whole number for owners that have actions; not so: {', '.join(map(repr, unknown or few))}."
        )
    return Rules(
        np.array([a.cost for a in actions]), budget,
        needs=tuple((place[a.id], place[other]) for a in actions for other in a.needs),
        excludes=tuple(sorted({(min(place[a.id], place[b]), max(place[a.id], place[b])) for a in actions for b in a.excludes})),
        least=tuple((tuple(k for k, a in enumerate(actions) if a.owner == owner), number) for owner, number in minimum.items() if number),
    )  # fmt: skip


def _room(room: Mapping[str, float], instrument: Instrument) -> Array:
    """(items,) how far each can rise: as told for it, else for its dimension, else the width of the scale."""
    width = float(instrument.scale.high - instrument.scale.low)
    known = _targets(instrument)
    wrong = [name for name, points in room.items() if name not in known or not points >= 0]
    if wrong:
        raise SpecError(
            f"room= must give 0 or more points for items or dimensions of {instrument.name}; not so: {', '.join(map(repr, wrong))}. "
            "Where ratings are already at the top, or nothing falls short, give 0."
        )
    return np.array(
        [min(width, float(room.get(item.id, room.get(item.dimension, width)))) for item in instrument.items]
    )


# --- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class BudgetFrontier(Result):
    """What each budget would bring at best: one row for each budget at which something better can be had.

    Frame columns: ``budget, benefit, count`` (actions taken), ``actions`` (their ids), ``corner`` (True on the smallest concave
    line above all, where money brings most), ``within`` (of the budget asked for).

    Attributes
    ----------
    words : labels of the actions
    budget : what was asked for
    exact : True where every set was looked at; else budgets on a grid, each solved
    """

    words: Mapping[str, Text] = field(default_factory=dict)
    budget: float = 0.0
    exact: bool = True

    def title(self) -> str:
        return "预算与收益前沿" if self.language == "zh" else "What each budget brings at best"

    def columns(self) -> tuple[Column, ...]:
        yes: Mapping[Any, Text] = {True: {"en": "●", "zh": "●"}, False: {"en": "", "zh": ""}}
        return (
            Column("budget", {"en": "budget", "zh": "预算"}, "count"),
            Column("benefit", {"en": "benefit", "zh": "收益"}, "number", decimals=3),
            Column("count", {"en": "actions", "zh": "行动数"}, "count"),
            Column("corner", {"en": "corner", "zh": "拐点"}, "text", yes),
        )

    def note(self) -> str:
        kind: Text = {"en": "Every set was looked at" if self.exact else f"Solved at {_GRID + 1} budgets",
                      "zh": "已逐一比较全部组合" if self.exact else f"在 {_GRID + 1} 个预算点上求解"}  # fmt: skip
        rest: Text = {"en": "benefit in points of the weighted overall rating; ● corners of the concave line above, where money brings most",
                      "zh": "收益为加权总体评分的分值；● 为上方凹包络线的拐点，即资金效率最高处"}  # fmt: skip
        return _sentences(
            [{key: f"{kind[key]}{'；' if key == 'zh' else '; '}{rest[key]}" for key in rest}], self.language
        )

    def at(self, budget: float) -> float:
        """What a budget brings at best; nan below the cheapest set that keeps the rules."""
        row = int(np.searchsorted(self.frame["budget"], budget * (1 + 1e-12), side="right")) - 1
        return float(self.frame["benefit"].iloc[row]) if row >= 0 else float("nan")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Benefit by budget, a step for each better set."""
        from servqual.plots.actions import draw_frontier

        return draw_frontier(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class ActionChanges(Result):
    """The cost and the gain at which each action enters or leaves the best set, all else as it is.

    Frame columns: ``action, chosen, cost, cost_limit`` (taken up to this cost), ``gain, gain_limit`` (taken from this gain on),
    ``reason`` (why there is no limit). Limits come from the best sets with and without the action, solved or compared.
    """

    words: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return "何种变化会改变选择" if self.language == "zh" else "What would change the choice"

    def columns(self) -> tuple[Column, ...]:
        reason = (
            (Column("reason", {"en": "note", "zh": "说明"}, "text", _LIMITS),) if self.frame["reason"].any() else ()
        )
        return (
            Column("action", {"en": "action", "zh": "行动"}, "text", self.words),
            Column("chosen", {"en": "now", "zh": "目前"}, "text", DECISIONS),  # type: ignore[arg-type]
            Column("cost", {"en": "cost", "zh": "成本"}, "count"),
            Column("cost_limit", {"en": "taken up to", "zh": "成本上限"}, "count"),
            Column("gain", {"en": "gain", "zh": "提升"}, "number"),
            Column("gain_limit", {"en": "taken from", "zh": "提升下限"}, "number", decimals=3),
            *reason,
        )

    def note(self) -> str:
        said: Text = {"en": "Each limit holds if all else stays as it is; at the limit two sets are equally good.",
                      "zh": "各临界值以其他条件不变为前提；在临界值处两种组合同样好。"}  # fmt: skip
        return say(said, self.language)

    def sentence(self, action: str) -> str:
        """One action in words."""
        row = _row(self.frame, action)
        zh, name = self.language == "zh", say(self.words[action], self.language)
        cost, gain = f"{row['cost_limit']:,.0f}", f"{row['gain_limit']:.2f}"
        now = (f"{row['cost']:,.0f}", f"{row['gain']:.2f}")
        parts = []
        if np.isfinite(row["cost_limit"]):
            parts.append((f"成本高于 {cost}" if row["chosen"] else f"成本降至 {cost}") + f"（目前 {now[0]}）" if zh else
                         (f"it costs more than {cost}" if row["chosen"] else f"it costs {cost} or less") + f" (now {now[0]})")  # fmt: skip
        if np.isfinite(row["gain_limit"]) and not (row["chosen"] and row["gain_limit"] <= 0):
            parts.append((f"提升低于 {gain}" if row["chosen"] else f"提升达到 {gain}") + f"（目前 {now[1]}）" if zh else
                         (f"its gain is below {gain}" if row["chosen"] else f"its gain is {gain} or more") + f" (now {now[1]})")  # fmt: skip
        verb = ("不再采取" if row["chosen"] else "可采取") if zh else ("is left" if row["chosen"] else "is taken")
        why = say(_LIMITS[row["reason"]], self.language)
        if not parts:
            return f"{name}：{why}。" if zh else f"{name}: {why}."
        said = f"{'若' + '，或'.join(parts)}，则{verb}" if zh else f"{verb} if {', or if '.join(parts)}"
        return (
            f"{name}：{said}{'（' + why + '）' if why else ''}。"
            if zh
            else f"{name} {said}{'; ' + why if why else ''}."
        )


_LIMITS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "not even free": {"en": "even if it cost nothing it would not be taken", "zh": "即使零成本也不会采取"},
    "no gain": {"en": "no gain within the scale brings it in", "zh": "量表范围内的任何提升都不足以使其入选"},
    "neither": {"en": "neither a lower cost nor a larger gain brings it in", "zh": "降低成本或加大提升都不能使其入选"},
    "whatever gain": {"en": "taken whatever its gain", "zh": "无论提升多少都会采取"},
    "must be": {"en": "every set that keeps the rules has it", "zh": "所有满足规则的组合均包含该行动"},
}


@dataclass(frozen=True, eq=False, repr=False)
class ActionChoice(Result):
    """The set of actions that brings most within a budget: one row per action, in the order of the file.

    Frame columns: ``action, target, owner, chosen, cost, gain, benefit`` (what the action brings by itself) with ``low, high``,
    ``chance`` (that it belongs to the best set), ``reason``.

    Attributes
    ----------
    actions : what could be done
    budget, spent : what may be, and what is spent
    benefit, low, high : of the whole set, with its interval at ``level``, in points of the weighted overall rating
    low_together, high_together : what it would bring were all gains misjudged the same way, each at its own end of that level
    bound, gap : the solver's proof: no set brings more than ``bound``; ``gap`` is the part by which the set may fall short of it
    regret : mean of what the best set of each draw brings more than this one
    best_chance : share of draws in which no set brings more than this one
    gains : whether the most likely or the mean gains were maximised
    draws, seed, level, remarks : how it was made
    question : rules and numbers, for :meth:`what_would_change`
    """

    actions: Actions = None  # type: ignore[assignment]
    budget: float = 0.0
    spent: float = 0.0
    benefit: float = 0.0
    low: float = float("nan")
    high: float = float("nan")
    low_together: float = float("nan")
    high_together: float = float("nan")
    bound: float = 0.0
    gap: float = 0.0
    regret: float = 0.0
    best_chance: float = float("nan")
    gains: Gains = "likely"
    level: float = 0.95
    draws: int = 0
    seed: int = 0
    remarks: tuple[Text, ...] = ()
    question: _Question = None  # type: ignore[assignment]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The actions to take."""
        return tuple(self.frame.loc[self.frame["chosen"], "action"])

    def title(self) -> str:
        return (
            f"预算 {self.budget:,.0f} 内的最佳行动"
            if self.language == "zh"
            else f"The best actions for {self.budget:,.0f}"
        )

    def columns(self) -> tuple[Column, ...]:
        owner = (Column("owner", {"en": "owner", "zh": "责任方"}, "text", OWNERS),) if any(self.frame["owner"]) else ()
        reason = (Column("reason", {"en": "why", "zh": "原因"}, "text", REASONS),) if self.frame["reason"].any() else ()
        return (
            Column("action", {"en": "action", "zh": "行动"}, "text", self.actions.words),
            Column("target", {"en": "target", "zh": "目标"}, "text", self.actions.instrument.words()),
            *owner,
            Column("chosen", {"en": "decision", "zh": "决定"}, "text", DECISIONS),  # type: ignore[arg-type]
            Column("cost", {"en": "cost", "zh": "成本"}, "count"),
            Column("benefit", {"en": "benefit", "zh": "收益"}, "number", decimals=3),
            Column("low", {"en": "low", "zh": "下限"}, "number", decimals=3),
            Column("high", {"en": "high", "zh": "上限"}, "number", decimals=3),
            Column("chance", {"en": "in the best set", "zh": "入选最佳组合的概率"}, "share"),
            *reason,
        )

    def note(self) -> str:
        percent, share = f"{100 * self.level:g}%", f"{100 * self.gap:.2g}%"
        kind = {"likely": ("most likely", "最可能"), "mean": ("mean", "平均")}[self.gains]
        said: list[Text] = [
            {"en": f"Benefit: importance × gain × reach, importance summing to 1, in points of the weighted overall rating, at {kind[0]} gains; "
                   "where several actions meet, what they bring together may be less than the sum, for no item rises beyond its room",
             "zh": f"收益 = 重要性 × 提升 × 覆盖率，重要性合计为 1，单位为加权总体评分的分值，按{kind[1]}提升计算；多项行动作用于同一题项时，"
                   "合计可能小于各项之和，因为题项升幅不超过其空间"},
            {"en": f"solved exactly as an integer programme, optimality gap {share}", "zh": f"以整数规划精确求解，最优性间隙 {share}"},
            {"en": f"{percent} intervals, chances and regret from {self.draws:,} draws (seed {self.seed}): gains from two-piece normal "
                   "distributions with their 80% ranges, each action by itself",
             "zh": f"{percent} 区间、概率与遗憾值由 {self.draws:,} 次抽取得出（种子 {self.seed}）：提升服从以其 80% 范围确定的双段正态分布，各行动相互独立"},
            *self._together(),
            *self.remarks,
            {"en": "gains are judgements: the choice is no better than they are", "zh": "提升为判断值，选择的可靠程度取决于此"},
        ]  # fmt: skip
        glue, stop = ("；", "。") if self.language == "zh" else ("; ", ".")
        return glue.join(say(part, self.language) for part in said) + stop

    def _together(self) -> tuple[Text, ...]:
        """What the set would bring if whoever judged the gains was too hopeful, or too timid, about all of them."""
        if not self.chosen or not np.isfinite(self.low_together):
            return ()
        low, high = _signed(self.low_together), _signed(self.high_together)
        return ({"en": f"who is too hopeful about one gain is often so about all: misjudged together, the set would bring {low} to {high}",
                 "zh": f"对一项提升估计过高者往往对各项皆然：若各项同向误判，该组合的收益为 {low} 至 {high}"},)  # fmt: skip

    def row(self, action: str) -> pd.Series:
        """The numbers of one action."""
        return _row(self.frame, action)

    def sentence(self, action: str | None = None) -> str:
        """The choice in words, or one action of it."""
        zh = self.language == "zh"
        if action is not None:
            return self._one(action)
        labels = [self.actions.label(name) for name in self.chosen]
        commas = any(mark in label for label in labels for mark in ",，、;；")
        names = (("；" if commas else "、") if zh else "; " if commas else ", ").join(labels)
        if not self.chosen:
            cheapest = self.frame["cost"].min()
            dear = cheapest > self.budget
            why = ((f"最便宜的行动需 {cheapest:,.0f}" if zh else f"the cheapest action costs {cheapest:,.0f}") if dear
                   else ("没有可负担的行动带来收益" if zh else "no action that can be paid for brings anything"))  # fmt: skip
            return (
                f"预算 {self.budget:,.0f} 内没有可采取的行动：{why}。"
                if zh
                else f"Nothing can be done for {self.budget:,.0f}: {why}."
            )
        every = len(self.chosen) == len(self.frame)
        interval = f"{100 * self.level:g}% 区间 {_signed(self.low)} 至 {_signed(self.high)}" if zh else (
            f"{100 * self.level:g}% interval {_signed(self.low)} to {_signed(self.high)}")  # fmt: skip
        if zh:
            first = (
                f"预算足以采取全部 {len(self.frame)} 项行动"
                if every
                else f"采取 {len(self.frame)} 项行动中的 {len(self.chosen)} 项：{names}"
            )
            return (f"{first}；花费 {self.spent:,.0f}（预算 {self.budget:,.0f}），加权总体评分提高 {_signed(self.benefit)} 分（{interval}）。"
                    f"{self._sure()}{self._rivals()}")  # fmt: skip
        actions = "action" if len(self.frame) == 1 else "actions"
        first = (f"The budget pays for all that could be done ({len(self.frame)} {actions})" if every
                 else f"Take {len(self.chosen)} of {len(self.frame)} {actions}: {names}")  # fmt: skip
        return (f"{first}. Cost {self.spent:,.0f} of {self.budget:,.0f}; the weighted overall rating rises by {_signed(self.benefit)} points "
                f"({interval}). {self._sure()}{self._rivals()}")  # fmt: skip

    def _sure(self) -> str:
        chance = chance_words(self.best_chance, self.language)
        if self.language == "zh":
            return f"这一组合为最佳的概率为 {chance}；若事先确知提升与重要性，平均可多得 {_signed(self.regret)} 分（期望遗憾）。"
        return (f"The chance that no other set is better is {chance}; who knew gains and importance for sure would gain "
                f"{_signed(self.regret)} points more on average (expected regret).")  # fmt: skip

    def _rivals(self) -> str:
        """Actions that are left for one that excludes them, though the best set has them more often than that one, in words."""
        told, zh, chance = [], self.language == "zh", self.frame.set_index("action")["chance"]
        ids, taken = self.question.ids, set(self.chosen)
        for a, b in self.question.rules.excludes:
            mine, rival = (ids[a], ids[b]) if ids[a] in taken else (ids[b], ids[a])
            if mine in taken and rival not in taken and chance[rival] > chance[mine]:
                more, less = (chance_words(chance[each], self.language) for each in (rival, mine))
                name, other = self.actions.label(rival), self.actions.label(mine)
                told.append(f"与“{other}”互斥的“{name}”更常属于最佳组合（{more} 对 {less}），请再核对两者的提升估计。" if zh else
                            f" Yet {name} is left since {other} excludes it, but is in the best set more often ({more} against {less}): look at both gains again.")  # fmt: skip
        return "".join(told)

    def _one(self, action: str) -> str:
        row, zh = self.row(action), self.language == "zh"
        name, chance = self.actions.label(action), chance_words(row["chance"], self.language)
        why = say(REASONS[row["reason"]], self.language)
        decision = say(DECISIONS[bool(row["chosen"])], self.language)
        if zh:
            return (f"{name}：{decision}{'（' + why + '）' if why else ''}；成本 {row['cost']:,.0f}，单独收益 {_signed(row['benefit'])} 分，"
                    f"入选最佳组合的概率 {chance}。")  # fmt: skip
        return (f"{name}: {decision}{' (' + why + ')' if why else ''}; cost {row['cost']:,.0f}, by itself worth {_signed(row['benefit'])} points, "
                f"in the best set with a chance of {chance}.")  # fmt: skip

    def in_language(self, language: Language) -> Self:
        """The same choice, shown in English or Chinese."""
        return replace(self, language=language, actions=self.actions.in_language(language))

    @cached_property
    def frontier(self) -> BudgetFrontier:
        """What each budget would bring at best."""
        return replace(_frontier(self.question, self.language), words=self.actions.words, budget=self.budget)

    def what_would_change(self) -> ActionChanges:
        """The cost and the gain at which each action enters or leaves the best set, all else as it is."""
        asked = self.question
        search = Search.of(asked.rules, asked.units, asked.rise, asked.weight)
        frame = pd.DataFrame([_limits(asked, search, k, bool(taken)) for k, taken in enumerate(self.frame["chosen"])])
        return ActionChanges(frame, self.language, words=self.actions.words)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every action with its benefit, cost and chance, those taken first."""
        from servqual.plots.actions import draw_action_choice

        return draw_action_choice(self, ax)


# --- verb --------------------------------------------------------------------------------------------------


def choose_actions(
    actions: Actions,
    budget: float,
    *,
    importance: Mapping[str, float] | pd.Series | pd.DataFrame | Drivers | IndexWeights | Quadrants | Priorities,
    room: Mapping[str, float] | pd.Series | None = None,
    minimum: Mapping[str, int] | None = None,
    gains: Gains = "likely",
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> ActionChoice:
    """Which actions bring most for a budget, how sure is it, and what would change it?

    Parameters
    ----------
    actions : Actions, from :func:`read_actions`
    budget : what all may cost together, 0 or more
    importance : of items or of dimensions: numbers, a frame of replicates (a row each), Drivers, IndexWeights, or what
        :func:`~servqual.priorities.importance_performance` or :func:`~servqual.priorities.priorities` found. A dimension's importance is
        shared evenly among its items
    room : item or dimension -> how far it can rise at most: the top of the scale minus its mean rating, or its shortfall. Without it
        the width of the scale. A dimension's room holds for each of its items
    minimum : owner -> so many of its actions at least
    gains : {"likely", "mean"}
        Which gain the set is chosen by; means count the long side of a lopsided range
    level, draws, seed : of intervals, chances and regret

    Returns
    -------
    ActionChoice
        With ``frontier`` and ``what_would_change()``.

    Raises
    ------
    SpecError
        If the budget is below 0, importance names what the instrument lacks or is below 0, or no set within the budget keeps the
        owners' minimum: then the least it would cost is said.

    Notes
    -----
    With ``w_i`` the importance of item i (sum 1), ``g_a`` gain and ``r_a`` reach, a set brings
    ``sum_i w_i min(room_i, sum_a g_a r_a)``, the inner sum over the actions taken that aim at the item or its dimension: a rise of the
    weighted overall rating, in points of the scale. Where actions meet, a variable per item, what passes its room, keeps the
    programme linear. HiGHS solves it to a gap of 0; of equally good sets the cheapest is taken.

    Each draw has its own gains and importance and its own best set (all sets are compared up to 16 actions; beyond that each draw is
    solved as a programme, some milliseconds each). ``chance`` is the share of draws whose best set has the action; the expected regret
    is ``mean(best_d - own_d)``, 0 or more by definition. Both are as good as the ranges given: they say how far the choice hangs on
    what is not known, not how likely an action is to succeed.

    References
    ----------
    Kellerer, Pferschy and Pisinger (2004), Knapsack Problems, Springer, doi:10.1007/978-3-540-24777-7. Checked against every set written
    out by itertools, and published knapsack problems with their optima (tests/test_actions.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> frame = pd.DataFrame(
    ...     {
    ...         "action": ["train", "till", "paint"],
    ...         "target": ["responsiveness", "REL1", "tangibles"],
    ...         "cost": [40_000, 90_000, 60_000],
    ...         "gain": [0.3, 0.5, 0.4],
    ...         "gain_low": [0.1, 0.3, 0.2],
    ...         "gain_high": [0.5, 0.7, 0.6],
    ...     }
    ... )
    >>> found = choose_actions(
    ...     read_actions(frame, load_instrument("servqual-22")),
    ...     100_000,
    ...     importance={"reliability": 0.4, "responsiveness": 0.35, "tangibles": 0.25},
    ... )
    >>> found.chosen, round(found.benefit, 3), found.spent
    (('train', 'paint'), 0.205, 100000.0)
    """
    if not isinstance(actions, Actions):
        raise SpecError(
            "actions= takes what read_actions() returns: choose_actions(read_actions(source, instrument), budget, …)."
        )
    check_between("level", level, 0, 1)
    check_choice("gains", gains, Gains)
    budget = check_number("budget", budget, 0, np.inf, "what all actions may cost together", ends="[)")
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 1:
        raise SpecError(f"draws={draws!r} must be a whole number of 1 or more.")
    rng = np.random.default_rng(seed)
    weights = _importance(importance, actions.instrument, int(draws), rng)
    drawn = _draw_gains(tuple(actions), int(draws), rng)
    question = _question(
        actions, budget, weights, dict({} if room is None else room), dict(minimum or {}), gains, drawn
    )
    return _chosen(question, weights, gains, level, seed)


def _chosen(question: _Question, weights: _Importance, gains: Gains, level: float, seed: int) -> ActionChoice:
    actions, rules, units = question.actions, question.rules, question.units
    found = best_set(rules, units, question.rise, question.weight)
    if found is None:
        raise _impossible(question)
    own = units.benefit(found.chosen, question.rise_draws, question.weight_draws)
    chance, regret, best_chance = _against_all(question, found.chosen)
    tail = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(own, tail)
    reach = np.array([a.reach for a in actions])
    together = [
        float(units.benefit(found.chosen, gains_at(tuple(actions), chance) * reach, question.weight)) for chance in tail
    ]
    each = np.eye(rules.n, dtype=bool)
    alone = np.array([units.benefit(one, question.rise_draws, question.weight_draws) for one in each])
    lows, highs = np.quantile(alone, tail, axis=1)
    frame = actions.frame[["action", "target", "owner"]].assign(
        chosen=found.chosen, cost=rules.cost, gain=actions.frame["gain"],
        benefit=[float(units.benefit(one, question.rise, question.weight)) for one in each], low=lows, high=highs, chance=chance,
    )  # fmt: skip
    frame["reason"] = _reasons(question, found.chosen, frame["benefit"].to_numpy())
    gap = max(0.0, found.bound - found.benefit) / abs(found.benefit) if abs(found.benefit) > 1e-12 else 0.0
    return ActionChoice(
        frame, actions.language, actions=actions, budget=rules.budget, spent=float(rules.cost[found.chosen].sum()), benefit=found.benefit,
        low=float(low), high=float(high), low_together=together[0], high_together=together[1], bound=found.bound, gap=gap if gap > 1e-9 else 0.0, regret=regret, best_chance=best_chance,
        gains=gains, level=level, draws=len(own), seed=seed, remarks=_remarks(question, weights), question=question,
    )  # fmt: skip


def _impossible(question: _Question) -> SpecError:
    least = cheapest_cost(question.rules, question.units)
    if least is None:
        return SpecError(f"no set of actions keeps the rules: {_too_many(question)}. Lower minimum=.")
    return SpecError(f"the owners' minimum= costs {least:,.0f} at least, more than the budget of {question.rules.budget:,.0f}. "
                     "Lower the minimum, or raise the budget.")  # fmt: skip


def _too_many(question: _Question) -> str:
    """Which owners' minimum is more than their actions, or than needs and exclusions, allow."""
    rules, said = question.rules, []
    for members, number in rules.least:
        owner = question.actions.actions[members[0]].owner
        most = max(k for k in range(min(number, len(members)) + 1)
                   if cheapest_cost(replace(rules, least=((members, k),)), question.units) is not None)  # fmt: skip
        has = f"{len(members)} action{'s' * (len(members) != 1)}"
        rest = f", of which needs and exclusions allow {most} together" if most < min(number, len(members)) else ""
        said += [f"{owner} has {has}{rest}; {number} are asked"] if most < number else []
    return "; ".join(said) or "each owner's minimum= could be kept alone, but not all of them with these exclusions"


def _against_all(question: _Question, chosen: Sets) -> tuple[Array, float, float]:
    """Chance of each action to belong to the best set, expected regret of a set, and the chance that nothing beats it."""
    rules, units = question.rules, question.units
    if rules.n <= ENUMERATED:
        sets, cost = all_sets(rules)
        sets = sets[cost <= rules.budget + rules.slack]
        own = int(np.flatnonzero((sets == chosen).all(axis=1))[0])
        which, best, mine = best_of_draws(sets, units, question.rise_draws, question.weight_draws, own)
        taken = sets[which]
    else:
        solved = [best_set(rules, units, rise, weight)
                  for rise, weight in zip(question.rise_draws, question.weight_draws, strict=True)]  # fmt: skip
        taken = np.array([chosen if each is None else each.chosen for each in solved])
        mine = units.benefit(chosen, question.rise_draws, question.weight_draws)
        best = np.maximum(mine, [-np.inf if each is None else each.benefit for each in solved])
    lost = best - mine
    return taken.mean(axis=0), float(lost.mean()), float((lost <= 1e-9 * np.abs(best)).mean())


def _reasons(question: _Question, chosen: Sets, benefit: Array) -> list[str]:
    """Why an action is left, or is taken though it brings nothing."""
    rules, ids = question.rules, question.ids
    needs = {each.id: each.needs for each in question.actions}
    found = []
    for k, name in enumerate(ids):
        chain = float(sum(rules.cost[ids.index(other)] for other in {name, *_closure(name, needs)}))
        excluded = any(chosen[b if a == k else a] for a, b in rules.excludes if k in (a, b))
        needed = any(chosen[a] for a, b in rules.needs if b == k)
        if chosen[k]:
            found.append("" if benefit[k] > 0 else "needed" if needed else "required")
        elif rules.cost[k] > rules.budget + rules.slack:
            found.append("too dear")
        elif chain > rules.budget + rules.slack:
            found.append("needs too dear")
        else:
            found.append("no benefit" if not benefit[k] > 0 else "excluded" if excluded else "outweighed")
    return found


def _remarks(question: _Question, weights: _Importance) -> tuple[Text, ...]:
    instrument, items = (
        question.actions.instrument,
        {item.id: item.dimension for item in question.actions.instrument.items},
    )
    bare = set(weights.unweighted)
    without = [each for each in dict.fromkeys(a.target for a in question.actions)
               if all(item in bare for item in items if each in (item, items[item]))]  # fmt: skip
    words, more = instrument.words(), []
    if without:
        listed = {
            key: glue.join(say(words[name], key) for name in without) for key, glue in (("en", ", "), ("zh", "、"))
        }
        more.append(
            {
                "en": f"no importance was given for {listed['en']}: counted as 0",
                "zh": spaced(f"{listed['zh']}未给重要性，按 0 计"),
            }
        )
    return (weights.how, *question.actions.remarks, *more)


# --- frontier and limits -----------------------------------------------------------------------------------


def _frontier(question: _Question, language: Language) -> BudgetFrontier:
    rules, units = question.rules, question.units
    exact = rules.n <= ENUMERATED
    if exact:
        sets, cost = all_sets(rules)
        rise, weight = question.rise[None], question.weight[None]
        benefit = benefits_of(sets, units, rise, weight, units.tight(rise))[:, 0]
    else:
        least = cheapest_cost(rules, units)
        grid = np.linspace(least or 0.0, rules.cost.sum(), _GRID + 1)
        solved = [
            best_set(replace(rules, budget=float(b)), units, question.rise, question.weight)
            for b in (*grid, rules.budget)
        ]
        some = [each for each in solved if each is not None]
        sets, benefit = np.array([each.chosen for each in some]), np.array([each.benefit for each in some])
        cost = sets @ rules.cost
    kept = frontier_of(cost, benefit, rules.slack)
    ids = np.array(question.ids, dtype=object)
    frame = pd.DataFrame({
        "budget": cost[kept], "benefit": benefit[kept], "count": sets[kept].sum(axis=1),
        "actions": [", ".join(ids[row]) for row in sets[kept]], "corner": envelope_of(cost[kept], benefit[kept]),
        "within": cost[kept] <= rules.budget + rules.slack,
    })  # fmt: skip
    return BudgetFrontier(frame, language, exact=exact)


def _limits(question: _Question, search: Search, k: int, taken: bool) -> dict[str, Any]:
    """The cost and the gain at which one action enters or leaves."""
    action, scale = question.actions.actions[k], question.actions.instrument.scale
    without = search.best({k: 0})
    cost = search.highest_cost(k, without)
    gain = search.lowest_gain(k, action.reach, float(scale.high - scale.low), without)
    if without is None:
        reason = "must be"
    elif cost is None or gain is None:
        reason = "neither" if cost is None and gain is None else "not even free" if cost is None else "no gain"
    else:
        reason = "whatever gain" if taken and gain <= 1e-9 else ""
    return {"action": action.id, "chosen": taken, "cost": action.cost, "cost_limit": np.nan if cost is None else cost,
            "gain": question.rise[k] / action.reach if action.reach else action.gain,
            "gain_limit": np.nan if gain is None else gain, "reason": reason}  # fmt: skip


def _row(frame: pd.DataFrame, action: str) -> pd.Series:
    rows = frame[frame["action"] == action]
    if rows.empty:
        raise SpecError(f"there is no action {action!r}. Actions: {', '.join(frame['action'])}.")
    return rows.iloc[0]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if abs(value) >= 0.005 else f"{value:.3f}".replace("-", "−")


def _sentences(parts: Sequence[Text], language: str) -> str:
    """Parts of a note, each a sentence."""
    stop, glue = ("。", "") if language == "zh" else (".", " ")
    said = [say(part, language) for part in parts]
    return glue.join(one if one.endswith(stop) else one + stop for one in said if one)
