"""What could be done? Actions with cost, gain and reach, read from a file and checked against the instrument."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from servqual.answers import label_key, number_of, plain_id, text_of
from servqual.instruments import Instrument
from servqual.priorities.money import in_currency
from survey_design.errors import DataError, SpecError, check_columns, raise_faults
from survey_design.files.table import Source, read_table
from survey_design.results import Column, Result, Text, say

OWNERS: Mapping[str, Text] = {
    "store": {"en": "store", "zh": "门店"},
    "control": {"en": "control", "zh": "管控"},
    "support": {"en": "support", "zh": "支撑"},
}
DECISIONS: Mapping[bool, Text] = {True: {"en": "take", "zh": "采取"}, False: {"en": "leave", "zh": "不采取"}}
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
_BRACKETS = re.compile(r"\s*[(（][^()（）]*[)）]$")  # a currency behind a heading
_BETWEEN = re.compile(r"[;,；，、\s]+")


@dataclass(frozen=True)
class Action:
    """One thing that could be done.

    Attributes
    ----------
    id, label, owner : what it is called, and who would do it ("" where nobody was named)
    target : an item or a dimension of the instrument; a dimension means all of its items
    cost : in one currency for all
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
    currency : of all costs, shown beside them; "" where nobody said
    """

    actions: tuple[Action, ...] = ()
    instrument: Instrument = None  # type: ignore[assignment]
    source: Source = field(default_factory=Source)
    remarks: tuple[Text, ...] = ()
    currency: str = ""

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
            Column("cost", in_currency({"en": "cost", "zh": "成本"}, self.currency), "count"),
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
        return sentences_of([said, *self.remarks], self.language)


def read_actions(
    source: str | Path | pd.DataFrame,
    instrument: Instrument,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str | int = 0,
    encoding: str | None = None,
    currency: str = "",
) -> Actions:
    """Actions from a file or a frame, each cell checked.

    Parameters
    ----------
    source : file (CSV, Excel, …) or frame with a row per action. Columns: ``action, target, cost, gain``; optional ``label_en,
        label_zh, owner`` (store, control, support, or 门店、管控、支撑), ``gain_low, gain_high`` (the gain's 80 % range; without it the gain counts as
        known), ``reach`` (0 to 1; without it 1), ``needs, excludes`` (ids, separated by ``;`` or ``,``)
        Headings, targets and owners are known in English and Chinese as the tables show them: a target by its id or its label, a
        heading with or without a currency in brackets
    instrument : whose items and dimensions the targets are
    columns : ours -> the file's, where a column has another name
    sheet, encoding : of a file
    currency : of all costs, such as "CNY": shown beside amounts in tables and sentences

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
    return _actions(actions, instrument, read, currency)


def _actions(actions: tuple[Action, ...], instrument: Instrument, source: Source, currency: str) -> Actions:
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
                   remarks=(remark,) if known else (), currency=currency)  # fmt: skip


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
    present = {_BRACKETS.sub("", text_of(name)).lower(): name for name in reversed(table.columns)}
    present |= {text_of(name).lower(): name for name in table.columns}
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
    targets = targets_of(instrument)
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


def targets_of(instrument: Instrument) -> set[str]:
    """All that can be aimed at."""
    return {item.id for item in instrument.items} | {dimension.id for dimension in instrument.dimensions}


def _link_faults(cells: pd.DataFrame, lines: Sequence[int]) -> list[dict[str, Any]]:
    """Needs and exclusions that cannot be kept."""
    needs = dict(zip(cells["action"], cells["needs"], strict=True))
    excludes = dict(zip(cells["action"], cells["excludes"], strict=True))
    apart = {frozenset(pair) for name, others in excludes.items() for pair in ((name, other) for other in others)}
    faults: list[dict[str, Any]] = []
    for name, line in zip(cells["action"], lines, strict=True):
        whole = all_needed(name, needs)
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


def all_needed(name: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
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


def sentences_of(parts: Sequence[Text], language: str) -> str:
    """Parts of a note, each a sentence."""
    stop, glue = ("。", "") if language == "zh" else (".", " ")
    said = [say(part, language) for part in parts]
    return glue.join(one if one.endswith(stop) else one + stop for one in said if one)


def row_of(frame: pd.DataFrame, action: str) -> pd.Series:
    rows = frame[frame["action"] == action]
    if rows.empty:
        raise SpecError(f"there is no action {action!r}. Actions: {', '.join(frame['action'])}.")
    return rows.iloc[0]
