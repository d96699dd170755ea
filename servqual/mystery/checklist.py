"""What do inspectors look for? Categories, indicators and items with their points and weights, in an open, versioned file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from servqual.mystery.faults import faults_of, refuse
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.questionnaire import YES_NO_WORDS
from survey_design.results import Language, Text, say

if TYPE_CHECKING:
    from survey_design.questionnaire import Questionnaire, Words

ItemType = Literal["yes_no", "graded", "timed", "counted"]
Reach = Literal["indicator", "category", "visit"]
Rebase = Literal["overall", "within"]
Floats = npt.NDArray[np.float64]

# A code in signs that no reader of CSV files takes for an empty cell stands last: forms write it.
NOT_APPLICABLE = ("NA", "N/A", "n/a", "不适用", "-8")


@dataclass(frozen=True)
class Level:
    """One answer of a graded item: the value kept in the data, the share of the points it earns, and its words.

    >>> Level(1, 0.5, {"en": "partly"}).share
    0.5
    """

    value: int
    share: float
    label: Text = field(default_factory=dict)


@dataclass(frozen=True)
class Category:
    """A group of indicators. With ``module`` it belongs to an optional part that is scored apart.

    ``weight`` is the category's share of the total score; that of a module counts only once the module is added
    (:meth:`Checklist.with_module`).
    """

    id: str
    label: Text
    weight: float
    module: str = ""


@dataclass(frozen=True)
class Indicator:
    """What is scored from 0 to 100 and zeroed by a veto. ``weight`` is its share within its category.

    ``themes`` are the words that weight rules act on (see :mod:`servqual.mystery.weight_rules`).
    """

    id: str
    label: Text
    category: str
    weight: float
    themes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChecklistItem:
    """One thing to look at; its id is the column of its answers.

    Parameters
    ----------
    id, label, text : column, short name, and the sentence that inspectors answer (the label if not given)
    indicator : the indicator whose points it earns
    type : {"yes_no", "graded", "timed", "counted"}
        "yes_no": 1 the standard is met, 0 it is not. "graded": one of ``levels``. "timed" and "counted": a number;
        with ``target`` more is better, and the share of the points is number / target, at most 1; with ``limit`` less
        is better: all points up to ``limit``, none from ``zero_at`` on, in a straight line between (none above
        ``limit`` where ``zero_at`` isn't given)
    points : full points, within the indicator
    veto : an answer that earns nothing is a violation; it takes the whole score of the indicator (see
        ``Checklist.veto_rule``)
    cap : {"indicator": 60}: an answer that earns nothing keeps the score of the indicator (the category, the visit) at
        60 of 100 or below; from above 1 to below 100, or 0
    levels, limit, zero_at, target : see ``type``
    maximum : the largest number that is an answer; a larger one is a fault of the file
    unit : what a number counts
    evidence : {"photos": 2}: what has to be handed in with the answer; what is missing flags the visit
    hint : an instruction to the inspector

    Examples
    --------
    >>> wait = ChecklistItem("wait", {"en": "Wait"}, "speed", "timed", limit=3, zero_at=8)
    >>> wait.shares([0, 3, 5.5, 8, 30]).tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0]
    >>> ChecklistItem("offers", {"en": "Offers"}, "sales", "counted", target=2).shares([0, 1, 2, 5]).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """

    id: str
    label: Text
    indicator: str
    type: ItemType = "yes_no"
    points: float = 1.0
    veto: bool = False
    cap: Mapping[str, float] = field(default_factory=dict)
    levels: tuple[Level, ...] = ()
    limit: float | None = None
    zero_at: float | None = None
    target: float | None = None
    maximum: float | None = None
    unit: Text = field(default_factory=dict)
    evidence: Mapping[str, float] = field(default_factory=dict)
    text: Text = field(default_factory=dict)
    hint: Text = field(default_factory=dict)

    @property
    def values(self) -> dict[int, Text]:
        """The answers to choose from and their words; empty where a number is written."""
        if self.type == "yes_no":
            return dict(YES_NO_WORDS)
        return {level.value: level.label or dict.fromkeys(("en", "zh"), str(level.value)) for level in self.levels}

    @property
    def can_fail(self) -> bool:
        """Whether an answer exists that earns nothing."""
        if self.type == "graded":
            return any(level.share == 0 for level in self.levels)
        if self.type in ("timed", "counted") and self.limit is not None:
            worst = np.inf if self.maximum is None else self.maximum
            return self.limit < worst if self.zero_at is None else self.zero_at <= worst
        return True

    def accepts(self, values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which numbers are answers to this item; NaN is none.

        >>> ChecklistItem("clean", {"en": "Clean"}, "look").accepts([0, 1, 2, float("nan")]).tolist()
        [True, True, False, False]
        """
        given = np.asarray(values, dtype=float)
        if self.type in ("yes_no", "graded"):
            return np.isin(given, list(self.values))
        fits = (given >= 0) & (given <= (np.inf if self.maximum is None else self.maximum)) & np.isfinite(given)
        return fits & (given == np.floor(given)) if self.type == "counted" else fits

    def shares(self, values: npt.ArrayLike) -> Floats:
        """The share of the points, 0 to 1, that each answer earns; NaN where the number is no answer."""
        given = np.asarray(values, dtype=float)
        answered = self.accepts(given)
        earned = self._earned(np.where(answered, given, 0.0))
        return np.where(answered, earned, np.nan)

    def _earned(self, given: Floats) -> Floats:
        if self.type == "yes_no":
            return given
        if self.type == "graded":
            order = np.argsort([level.value for level in self.levels])
            worth = np.array([self.levels[k].share for k in order])
            at = np.searchsorted([self.levels[k].value for k in order], given).clip(max=len(worth) - 1)
            return worth[at]
        if self.target is not None:
            return np.minimum(given / self.target, 1.0)
        limit = 0.0 if self.limit is None else self.limit
        if self.zero_at is None:
            return (given <= limit).astype(float)
        return np.clip((self.zero_at - given) / (self.zero_at - limit), 0.0, 1.0)


@dataclass(frozen=True)
class Checklist:
    """What inspectors look for, in categories, indicators and items, with weights that sum to 1.

    The score of indicator k is 100 · Σ points earned / Σ points applicable over its items, and 0 after a violated veto.
    The total weighs indicators by W_k = (weight of the category) · (weight within the category).

    Parameters
    ----------
    id, version, title : what it is; results of two versions are never pooled
    categories, indicators, items : in reporting order
    valid_from, valid_to : first and last day on which it is used; None leaves that side open
    veto_rule : {"indicator", "category", "visit"}
        What a violated veto sets to 0
    rebase : {"overall", "within"}
        What becomes of the weight of indicators that don't apply: shared out over all others, or over those of the same
        category first
    evidence : {"minutes": 15, "photos": 4, "characters": 80}: what a visit has to bring along
    not_applicable : codes that say "does not apply"; a blank cell is a missing answer, which isn't the same
    languages : in which all texts are given; ``language`` is the one in which results show themselves

    Raises
    ------
    SpecError
        If it can't be used as written; the message lists every fault with its place and key.

    Examples
    --------
    >>> look = Category("look", {"en": "Look"}, 0.4), Category("talk", {"en": "Talk"}, 0.6)
    >>> clean, greet, advise = (
    ...     Indicator("clean", {"en": "Clean"}, "look", 1.0),
    ...     Indicator("greet", {"en": "Greeting"}, "talk", 0.25),
    ...     Indicator("advise", {"en": "Advice"}, "talk", 0.75),
    ... )
    >>> items = (
    ...     ChecklistItem("floor", {"en": "Floor"}, "clean"),
    ...     ChecklistItem("hello", {"en": "Hello"}, "greet"),
    ...     ChecklistItem("asked", {"en": "Asked"}, "advise"),
    ... )
    >>> checklist = Checklist("shop", "1", {"en": "Shop"}, look, (clean, greet, advise), items, languages=("en",))
    >>> checklist.indicator_weights.round(2).tolist()
    [0.4, 0.15, 0.45]
    """

    id: str
    version: str
    title: Text
    categories: tuple[Category, ...]
    indicators: tuple[Indicator, ...]
    items: tuple[ChecklistItem, ...]
    valid_from: date | None = None
    valid_to: date | None = None
    veto_rule: Reach = "indicator"
    rebase: Rebase = "overall"
    evidence: Mapping[str, float] = field(default_factory=dict)
    not_applicable: tuple[str, ...] = NOT_APPLICABLE
    languages: tuple[Language, ...] = ("en", "zh")
    language: Language = "en"
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("categories", "indicators", "items", "not_applicable", "languages"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        refuse(f"checklist '{self.id}'", list(faults_of(self, _place)))

    def in_language(self, language: Language) -> Checklist:
        """The same checklist; results built on it show themselves in this language."""
        check_choice("language", language, Language)
        return replace(self, language=language)

    def category(self, category_id: str) -> Category:
        """The category with this id."""
        return self._by_id("category", self.categories, category_id)

    def indicator(self, indicator_id: str) -> Indicator:
        """The indicator with this id."""
        return self._by_id("indicator", self.indicators, indicator_id)

    def item(self, item_id: str) -> ChecklistItem:
        """The item with this id; it is also the column of its answers."""
        return self._by_id("item", self.items, item_id)

    def indicators_of(self, category_id: str) -> tuple[Indicator, ...]:
        """The indicators of one category, in order."""
        return tuple(each for each in self.indicators if each.category == category_id)

    def items_of(self, indicator_id: str) -> tuple[ChecklistItem, ...]:
        """The items of one indicator, in order."""
        return tuple(each for each in self.items if each.indicator == indicator_id)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the answers: the ids of the items, in order."""
        return tuple(item.id for item in self.items)

    @property
    def modules(self) -> tuple[str, ...]:
        """Optional modules that are scored apart."""
        return tuple(dict.fromkeys(each.module for each in self.categories if each.module))

    @property
    def item_indicator(self) -> npt.NDArray[np.intp]:
        """(items,) position of each item's indicator among ``indicators``."""
        at = {each.id: k for k, each in enumerate(self.indicators)}
        return np.array([at[item.indicator] for item in self.items], dtype=np.intp)

    @property
    def indicator_category(self) -> npt.NDArray[np.intp]:
        """(indicators,) position of each indicator's category among ``categories``."""
        at = {each.id: k for k, each in enumerate(self.categories)}
        return np.array([at[each.category] for each in self.indicators], dtype=np.intp)

    @property
    def points(self) -> Floats:
        """(items,) full points of each item."""
        return np.array([item.points for item in self.items], dtype=float)

    @property
    def category_weights(self) -> Floats:
        """(categories,) share of the total score; 0 for those of a module. They sum to 1."""
        return np.array([0.0 if each.module else each.weight for each in self.categories])

    @property
    def weights_within(self) -> Floats:
        """(indicators,) share of each indicator within its category; they sum to 1 in each category."""
        return np.array([each.weight for each in self.indicators], dtype=float)

    @property
    def indicator_weights(self) -> Floats:
        """(indicators,) share of the total score: category × indicator; 0 for those of a module. They sum to 1."""
        return self.category_weights[self.indicator_category] * self.weights_within

    def module_weights(self, module: str) -> Floats:
        """(indicators,) share of each indicator in the score of one module; they sum to 1."""
        own = np.array([each.weight if each.module == module else 0.0 for each in self.categories])
        if module not in self.modules:
            raise SpecError(
                f"checklist '{self.id}' has no module '{module}'. It has: {', '.join(self.modules) or 'none'}."
            )
        return (own / own.sum())[self.indicator_category] * self.weights_within

    def with_module(self, module: str, *, weight: float | None = None) -> Checklist:
        """The checklist with a module inside the total score; the other categories share what is left.

        Parameters
        ----------
        module : one of :attr:`modules`
        weight : the module's share of the total score, between 0 and 1; the one in the file if not given

        Examples
        --------
        >>> checklist = load_checklist("telecom-store")
        >>> (
        ...     float(checklist.category_weights[-1]),
        ...     float(checklist.with_module("marketing", weight=0.1).category_weights[-1]),
        ... )
        (0.0, 0.1)
        """
        own = self.module_weights(module)  # refuses a module that isn't there
        declared = sum(each.weight for each in self.categories if each.module == module)
        share = declared if weight is None else weight
        check_between("weight", share, 0, 1)
        categories = []
        for k, each in enumerate(self.categories):
            if each.module == module:
                part = float(own[self.indicator_category == k].sum())
                categories.append(replace(each, weight=share * part, module=""))
            else:
                categories.append(each if each.module else replace(each, weight=each.weight * (1 - share)))
        return replace(self, categories=tuple(categories))

    def valid_on(self, day: date) -> bool:
        """Whether the checklist is in use on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def words(self) -> dict[str, Text]:
        """Labels of categories, indicators and items by id, for tables and charts."""
        things: tuple[Category | Indicator | ChecklistItem, ...] = (*self.categories, *self.indicators, *self.items)
        return {thing.id: thing.label for thing in things}

    def questionnaire(
        self, *, stores: Mapping[str, Words] | None = None, title: Words | None = None, company: Words = ""
    ) -> Questionnaire:
        """The form that inspectors fill in; it comes back without any mapping (see :mod:`servqual.mystery.field`).

        Parameters
        ----------
        stores : code -> name, for a list to choose from; without it the store's code is written
        title, company : what stands on top; the checklist's title if not given

        Examples
        --------
        >>> form = load_checklist("telecom-store").questionnaire()
        >>> len(form.sections), form.columns[-3:]
        (8, ('minutes', 'photos', 'problems'))
        """
        from servqual.mystery.field import shopper_form

        return shopper_form(self, stores=stores, title=title, company=company)

    @property
    def digest(self) -> str:
        """A fingerprint of all that decides a score: structure, points, weights, rules. Words don't count.

        >>> checklist = load_checklist("telecom-store")
        >>> checklist.digest == checklist.in_language("zh").digest, len(checklist.digest)
        (True, 64)
        """
        return hashlib.sha256(json.dumps(_structure(self), sort_keys=True).encode()).hexdigest()

    def sentence(self) -> str:
        """What the checklist holds, in one sentence."""
        vetoes = sum(item.veto for item in self.items)
        base = sum(not each.module for each in self.categories)
        apart = len(self.categories) - base
        if self.language == "zh":
            more = f"，另有 {apart} 个可选模块类别单独计分" if apart else ""
            return (
                f"{say(self.title, 'zh')}（第 {self.version} 版）：{base} 个类别、{len(self.indicators)} 个指标、"
                f"{len(self.items)} 个检查项，其中 {vetoes} 项一票否决{more}。"
            )
        more = f"; {apart} further {_number(apart, 'category', 'categories')} scored apart" if apart else ""
        return (
            f"{say(self.title, 'en')} (version {self.version}): {_number(base, 'category', 'categories', True)}, "
            f"{_number(len(self.indicators), 'indicator', 'indicators', True)}, "
            f"{_number(len(self.items), 'item', 'items', True)}, "
            f"{_number(vetoes, 'veto', 'vetoes', True)}{more}."
        )

    def _by_id(self, kind: str, things: Sequence[Any], name: str) -> Any:
        for thing in things:
            if thing.id == name:
                return thing
        known = ", ".join(thing.id for thing in things)
        raise SpecError(f"checklist '{self.id}' has no {kind} '{name}'. It has: {known}.")


def _number(n: int, one: str, more: str, counted: bool = False) -> str:
    return (f"{n} " if counted else "") + (one if n == 1 else more)


def _place(kind: str, k: int, name: str) -> str:
    """Where a part stands in a checklist that came from no file."""
    return f"{kind} {k + 1} '{name}'" if k >= 0 else "the checklist"


def _structure(checklist: Checklist) -> dict[str, Any]:
    """All that decides a score, in plain values by id, so that the order of the parts doesn't count."""
    weighed: tuple[Category | Indicator, ...] = (*checklist.categories, *checklist.indicators)
    return {
        "categories": {each.id: each.module for each in checklist.categories},
        "indicators": {each.id: each.category for each in checklist.indicators},
        "items": {item.id: _scoring(item) for item in checklist.items},
        "weights": {part.id: round(float(part.weight), 9) for part in weighed},
        "rules": [checklist.veto_rule, checklist.rebase],
    }


def _scoring(item: ChecklistItem) -> list[Any]:
    numbers = [None if value is None else float(value) for value in (item.limit, item.zero_at, item.target)]
    levels = sorted((level.value, float(level.share)) for level in item.levels)
    caps = sorted((reach, float(value)) for reach, value in item.cap.items())
    return [item.indicator, item.type, float(item.points), item.veto, caps, levels, numbers]


def same_instrument(one: Checklist, other: Checklist) -> list[Text]:
    """Why two checklists don't measure the same; nothing where they do.

    Scores may be compared between companies or waves only if they come from the same checklist: same id, same version,
    same categories, indicators, items, points, weights and rules. The order of items and the words don't count.

    Returns
    -------
    list of texts, each difference in English and Chinese; empty where the two are the same instrument

    Examples
    --------
    >>> checklist = load_checklist("telecom-store")
    >>> same_instrument(checklist, checklist.in_language("zh"))
    []
    >>> from dataclasses import replace
    >>> [reason["en"] for reason in same_instrument(checklist, replace(checklist, version="2.0"))]
    ["the versions differ: '1.0' and '2.0'"]
    """
    reasons: list[Text] = []
    for en, zh, a, b in (("ids", "编号", one.id, other.id), ("versions", "版本", one.version, other.version)):
        if a != b:
            reasons.append({"en": f"the {en} differ: '{a}' and '{b}'", "zh": f"{zh}不同：“{a}”与“{b}”"})
    ours, theirs = _structure(one), _structure(other)
    if ours["items"] != theirs["items"]:
        reasons.append(_items_differ(ours["items"], theirs["items"]))
    reasons += [{"en": en, "zh": zh} for part, en, zh in _PARTS if ours[part] != theirs[part]]
    return reasons


_PARTS = (
    ("categories", "the categories or their modules differ", "类别或其所属模块不同"),
    ("indicators", "the indicators or their categories differ", "指标或其所属类别不同"),
    ("weights", "the weights differ", "权重不同"),
    ("rules", "the veto rule, or the rule for what doesn't apply, differs", "否决规则或不适用项的处理规则不同"),
)


def _items_differ(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Text:
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    more = len(names) - 8
    shown = ", ".join(names[:8]) + (f" and {more} more" if more > 0 else "")
    said = "、".join(names[:8]) + (f" 等共 {len(names)} 项" if more > 0 else "")
    verb = "item differs" if len(names) == 1 else "items differ"
    return {"en": f"{len(names)} {verb}: {shown}", "zh": f"{len(names)} 个检查项不同：{said}"}


def available_checklists() -> list[str]:
    """Names of the checklists that come with the toolkit.

    >>> available_checklists()
    ['home-installation', 'telecom-store']
    """
    folder = resources.files("servqual.mystery") / "checklists"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_checklist(name: str | Path, *, language: Language = "en") -> Checklist:
    """A checklist by name, or from your own TOML or Excel file.

    Parameters
    ----------
    name : str or path
        One of :func:`available_checklists`, or the path of a .toml file or an Excel workbook with the sheets
        ``indicators`` and ``items``. :func:`servqual.mystery.workbook.write_checklist_workbook` writes a shipped one as
        a workbook to begin with.
    language : {"en", "zh"}
        The language in which results built on it show themselves.

    Raises
    ------
    SpecError
        If the file can't be used as written; the message lists every fault with its line or row, and its key.

    Examples
    --------
    >>> checklist = load_checklist("telecom-store")
    >>> [each.id for each in checklist.categories if not each.module]
    ['awareness', 'people', 'process', 'environment', 'results']
    >>> load_checklist("telecom-stores")
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: no checklist 'telecom-stores'. Shipped: home-installation, telecom-store; or give the path of a .toml or .xlsx file.
    """
    from servqual.mystery.checklist_files import read_checklist

    shipped = resources.files("servqual.mystery") / "checklists" / f"{name}.toml"
    if isinstance(name, str) and name in available_checklists():
        return read_checklist(shipped.read_text(encoding="utf-8"), name).in_language(language)
    return _from_path(name, read_checklist).in_language(language)


def _from_path(name: str | Path, read: Callable[[str, str], Checklist]) -> Checklist:
    path = Path(name) if isinstance(name, (str, Path)) else Path()
    suffix = path.suffix.lower()
    if suffix not in (".toml", ".xlsx") or not path.is_file():
        raise SpecError(_not_found(name, path))
    if suffix == ".xlsx":
        from servqual.mystery.workbook import read_checklist_workbook

        return read_checklist_workbook(path)
    try:
        return read(path.read_text(encoding="utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


def _not_found(name: Any, path: Path) -> str:
    """What is wrong with a checklist's name or path, and what is shipped."""
    shipped = ", ".join(available_checklists())
    if path.is_file():
        return f"'{name}' is no .toml or .xlsx file, as checklists are. Shipped, by name: {shipped}."
    if path.is_dir() and path != Path():
        return f"'{name}' is a folder. Give the .toml or .xlsx file in it. Shipped, by name: {shipped}."
    if path.suffix or len(path.parts) > 1:
        return (
            f"the checklist's file '{name}' was not found. Correct its path, or take a shipped one by name: {shipped}."
        )
    return f"no checklist '{name}'. Shipped: {shipped}; or give the path of a .toml or .xlsx file."
