"""Where does what count more? Weights of a checklist by phase, traffic and tier of each store, with an audit of every move."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from servqual.answers import label_key
from servqual.mystery.checklist import Checklist
from servqual.mystery.faults import Fault, refuse
from servqual.mystery.phases import BANDS, PHASES, StorePhases, traffic_bands
from survey_design.errors import DataError, SpecError, check_choice, check_columns, raise_faults
from survey_design.results import Column, Language, Result, Text, is_missing, say
from survey_design.visits.given import rules_without_stores, word_key

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

APPLIED = "applied"
SET_ASIDE = "set aside"
TAKEN_BACK = "taken back"
_STATES: Mapping[str, Text] = {
    APPLIED: {"en": "applied", "zh": "生效"},
    SET_ASIDE: {"en": "set aside: the tier's rule pulls the other way", "zh": "未用：与门店层级规则方向相反"},
}
_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    TAKEN_BACK: {
        "en": "the factors of others outweigh its own",
        "zh": "其他指标的系数更大，归一化后方向相反",
    },
}


@dataclass(frozen=True)
class WeightRule:
    """In stores that meet all conditions of ``when``, indicators that bear one of the ``themes`` take this factor.

    ``when`` maps a column of the stores to the values for which the rule holds; an indicator that bears two of the
    themes takes the factor once.

    >>> rule = WeightRule("busy", {"en": "Busy"}, {"traffic": ("high",)}, ("business_handling",), 1.25)
    >>> rule.by_tier
    False
    """

    id: str
    label: Text
    when: Mapping[str, tuple[str, ...]]
    themes: tuple[str, ...]
    factor: float

    @property
    def by_tier(self) -> bool:
        """Whether the rule is made for a tier; such a rule has the last word."""
        return "tier" in self.when


@dataclass(frozen=True)
class WeightRules:
    """A table of rules and the themes that they act on.

    Raises
    ------
    SpecError
        If a rule can't be used as written; the message lists every fault.

    >>> rules = load_weight_rules("store-focus")
    >>> len(rules.rules), len(rules.themes), sorted(rules.conditions)
    (9, 15, ['phase', 'tier', 'traffic'])
    """

    id: str
    version: str
    title: Text
    rules: tuple[WeightRule, ...]
    themes: Mapping[str, Text]
    language: Language = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        faults = [fault.sentence(lambda kind, k, name: f"{kind} {k + 1} '{name}'") for fault in _faults(self)]
        refuse(f"weight rules '{self.id}'", faults)

    def in_language(self, language: Language) -> WeightRules:
        """The same rules; results built on them show themselves in this language."""
        check_choice("language", language, Language)
        return replace(self, language=language)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the rules ask of a store: "phase", "traffic", "tier", or any other column."""
        return tuple(dict.fromkeys(name for rule in self.rules for name in rule.when))

    def to_frame(self) -> pd.DataFrame:
        """The rules as a table: ``id, when, themes, factor`` and their labels."""
        rows = [
            {
                "id": rule.id,
                "when": "; ".join(f"{name} = {', '.join(values)}" for name, values in rule.when.items()),
                "themes": ", ".join(rule.themes),
                "factor": rule.factor,
                "label_en": say(rule.label, "en"),
                "label_zh": say(rule.label, "zh"),
            }
            for rule in self.rules
        ]
        return pd.DataFrame(rows)


def available_weight_rules() -> list[str]:
    """Names of the rule tables that come with the toolkit.

    >>> available_weight_rules()
    ['store-focus']
    """
    folder = resources.files("servqual.mystery") / "rules"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_weight_rules(name: str | Path, *, language: Language = "en") -> WeightRules:
    """A rule table by name, or from your own TOML file. Copy the shipped one and change its factors.

    Raises
    ------
    SpecError
        If the file can't be used as written; the message lists every fault with its line and key.

    Examples
    --------
    >>> rules = load_weight_rules("store-focus")
    >>> rules.to_frame().loc[rules.to_frame()["id"] == "flagship", ["when", "factor"]].to_numpy().tolist()
    [['tier = flagship_core', 1.25]]
    """
    text, where = _text_of(name)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not valid TOML: {error}.") from error
    return _read_rules(content, text, where).in_language(language)


def _text_of(name: str | Path) -> tuple[str, str]:
    if isinstance(name, str) and name in available_weight_rules():
        return (resources.files("servqual.mystery") / "rules" / f"{name}.toml").read_text(encoding="utf-8"), name
    path = Path(name) if isinstance(name, (str, Path)) else Path()
    if path.suffix.lower() != ".toml" or not path.is_file():
        raise SpecError(
            f"no weight rules '{name}'. Shipped: {', '.join(available_weight_rules())}; or give the path of a .toml file."
        )
    try:
        return path.read_text(encoding="utf-8-sig"), path.name
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


def _read_rules(content: Mapping[str, Any], text: str, where: str) -> WeightRules:
    entries = content.get("rules", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SpecError(f"{where}, rules: it is not a list of blocks; write [[rules]] before each.")
    found = [
        Fault("rules", -1, "", key, f"the key is not known; use {', '.join(_HEAD)}")
        for key in content
        if key not in _HEAD
    ]
    found += [
        Fault("rule", k, str(entry.get("id", "")), key, f"the key is not known; use {', '.join(_KEYS)}")
        for k, entry in enumerate(entries)
        for key in entry
        if key not in _KEYS
    ]
    parts: dict[str, Any] = {
        **{
            key: str(value) if isinstance(value := content.get(key), (str, float, int)) else ""
            for key in ("id", "version")
        },
        "title": content.get("title", {}),
        "rules": tuple(_rule(entry) for entry in entries),
        "themes": content.get("themes", {}),
    }
    draft = object.__new__(WeightRules)  # unchecked, so that all faults are said with their lines
    for key, value in parts.items():
        object.__setattr__(draft, key, value)
    lines = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r"^[ \t]*\[\[[ \t]*rules", text, re.M)]

    def place(kind: str, k: int, name: str) -> str:
        line = f"line {lines[k]}, " if 0 <= k < len(lines) == len(entries) else ""
        return where if k < 0 else f"{where}, {line}[[rules]] {k + 1}" + (f" '{name}'" if name else "")

    faults = sorted([*found, *_faults(draft)], key=lambda fault: fault.at)
    refuse(where, [fault.sentence(place) for fault in faults])
    return WeightRules(**parts)


_HEAD = ("id", "version", "title", "themes", "rules")
_KEYS = ("id", "label", "when", "themes", "factor")
_OURS: Mapping[str, Mapping[str, Text]] = {"phase": PHASES, "traffic": BANDS}  # conditions whose words are ours


def _rule(entry: Mapping[str, Any]) -> WeightRule:
    when = entry.get("when", {})
    conditions = {name: _as_tuple(values) for name, values in when.items()} if isinstance(when, dict) else when
    name = entry.get("id", "")
    return WeightRule(name if isinstance(name, str) else "", entry.get("label", {}), conditions,
                      _as_tuple(entry.get("themes", ())), entry.get("factor", float("nan")))  # fmt: skip


def _as_tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (list, tuple)) else (values,)


def _faults(rules: WeightRules) -> Iterator[Fault]:
    for key in ("id", "version"):
        if not str(getattr(rules, key)).strip():
            yield Fault("rules", -1, "", key, "it is empty; give one")
    if not isinstance(rules.themes, Mapping) or not all(isinstance(words, Mapping) for words in rules.themes.values()):
        yield Fault("rules", -1, "", "themes", 'write theme = { en = "…", zh = "…" } for each')
        return
    for what, words in (("title", rules.title), *((f"themes {name}", words) for name, words in rules.themes.items())):
        yield from _unsaid("rules", -1, "", what, words)
    if not rules.rules:
        yield Fault("rules", -1, "", "rules", "there is none; add [[rules]]")
    ids = [rule.id for rule in rules.rules]
    for k, rule in enumerate(rules.rules):
        if not rule.id.strip() or rule.id in ids[:k]:
            problem = (
                f"'{rule.id}' occurs twice; give every rule its own" if rule.id.strip() else "it is empty; give one"
            )
            yield Fault("rule", k, rule.id, "id", problem)
        yield from _unsaid("rule", k, rule.id, "label", rule.label)
        yield from _rule_faults(k, rule, rules.themes)


def _unsaid(kind: str, k: int, name: str, key: str, words: Any) -> Iterator[Fault]:
    for language in ("en", "zh"):
        if not isinstance(words, Mapping) or not str(words.get(language, "")).strip():
            yield Fault(kind, k, name, f"{key}.{language}", f"the words in '{language}' are missing; add them")


def _rule_faults(k: int, rule: WeightRule, themes: Mapping[str, Text]) -> Iterator[Fault]:
    factor = rule.factor
    if not isinstance(factor, (int, float)) or isinstance(factor, bool) or not 0 < factor < np.inf:
        yield Fault("rule", k, rule.id, "factor", f"{factor!r} must be a number above 0; 1.25 raises, 0.75 lowers")
    if not isinstance(rule.when, Mapping) or not rule.when:
        yield Fault("rule", k, rule.id, "when", 'it names no condition; write when = { tier = "core" }')
    else:
        for name, values in rule.when.items():
            known = _OURS.get(name)
            wrong = [value for value in values if not isinstance(value, str) or (known and value not in known)]
            if wrong:
                listed = f"; use {', '.join(known)}" if known else "; give texts"
                yield Fault("rule", k, rule.id, f"when {name}", f"{wrong[0]!r} is not known{listed}")
    if not rule.themes:
        yield Fault("rule", k, rule.id, "themes", "it names no theme; give one or more")
    for theme in rule.themes:
        if not isinstance(theme, str) or theme not in themes:
            yield Fault("rule", k, rule.id, "themes", f"{theme!r} is not declared under [themes]; add it, or use "
                        f"{', '.join(themes)}")  # fmt: skip


# --- weights -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class WeightAudit(Result):
    """Which rule moved which weight. Frame columns: ``store, rule, themes, indicator, factor, state, before, after``.

    A row per store, rule and indicator that the rule is about. The product of the factors that were applied, times the
    weight before, renormalised over the store's indicators, is the weight after.
    """

    rules: WeightRules | None = None
    words: Mapping[str, Text] = field(default_factory=dict)
    unmet: tuple[Text, ...] = ()

    def title(self) -> str:
        return "权重调整明细" if self.language == "zh" else "Which rule moved which weight"

    def columns(self) -> tuple[Column, ...]:
        labels = {} if self.rules is None else {rule.id: rule.label for rule in self.rules.rules}
        return (
            Column("store", {"en": "store", "zh": "门店"}),
            Column("rule", {"en": "rule", "zh": "规则"}, "text", labels),
            Column("themes", {"en": "themes", "zh": "主题"}, "text", self._theme_words()),
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", self.words),
            Column("factor", {"en": "factor", "zh": "系数"}, "number"),
            Column("state", {"en": "state", "zh": "状态"}, "text", _STATES),
            Column("before", {"en": "weight before", "zh": "调整前权重"}, "number", decimals=4),
            Column("after", {"en": "weight after", "zh": "调整后权重"}, "number", decimals=4),
        )

    def _theme_words(self) -> dict[str, Text]:
        """The themes of a row, several of them joined, in words."""
        told = {} if self.rules is None else self.rules.themes
        joined = {"en": ", ", "zh": "、"}
        return {
            listed: {
                each: sign.join(say(told.get(name, name), each) for name in listed.split(", "))
                for each, sign in joined.items()
            }
            for listed in self.frame["themes"].unique()
        }

    def note(self) -> str:
        told = [say(each, self.language) for each in self.unmet]
        if self.language == "zh":
            return "".join(["调整后权重 = 调整前权重 × 各生效系数之积，再按门店归一化为 1。", *told])
        return " ".join(
            [
                "Weight after = weight before × product of the factors applied, renormalised to sum 1 in each store.",
                *told,
            ]
        )


@dataclass(frozen=True, eq=False, repr=False)
class StoreWeights(Result):
    """The weights of a checklist's indicators in each store.

    Attributes
    ----------
    frame : a row per store and indicator: ``store, indicator, category, base, factor, weight, change, reason``
    stores : in the order of the rows of ``matrix``
    matrix : (stores, indicators) weights; every row sums to 1; indicators of a module scored apart have 0
    profile : a row per store with what the rules asked: phase, traffic, tier
    unused : themes of the rules that no indicator bears
    unmet : tiers (or values of a column of your own) that rules ask for and no store has, in words
    """

    stores: tuple[Any, ...] = ()
    matrix: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    profile: pd.DataFrame = field(default_factory=pd.DataFrame)
    checklist: Checklist | None = None
    rules: WeightRules | None = None
    unused: tuple[str, ...] = ()
    unmet: tuple[Text, ...] = ()
    contested: int = 0
    audited: pd.DataFrame = field(default_factory=pd.DataFrame)

    def title(self) -> str:
        if self.checklist is None or self.rules is None:
            return "各店指标权重" if self.language == "zh" else "Weights of the indicators in each store"
        named, rules = say(self.checklist.title, self.language), say(self.rules.title, self.language)
        return f"{named}——{rules}" if self.language == "zh" else f"{named}. {rules}"

    def columns(self) -> tuple[Column, ...]:
        words = {} if self.checklist is None else self.checklist.words()
        return (
            Column("store", {"en": "store", "zh": "门店"}),
            Column("category", {"en": "category", "zh": "类别"}, "text", words),
            Column("indicator", {"en": "indicator", "zh": "指标"}, "text", words),
            Column("base", {"en": "base weight", "zh": "基础权重"}, "number", decimals=4),
            Column("factor", {"en": "factor", "zh": "系数"}, "number"),
            Column("weight", {"en": "weight", "zh": "权重"}, "number", decimals=4),
            Column("change", {"en": "change", "zh": "变化"}, "signed", decimals=4),
            Column("reason", {"en": "remark", "zh": "说明"}, "text", _REASONS),
        )

    def note(self) -> str:
        themes = {} if self.rules is None else self.rules.themes
        unused = [say(themes.get(name, name), self.language) for name in self.unused]
        back = int((self.frame["reason"] == TAKEN_BACK).sum())
        if self.language == "zh":
            said = ["权重 = 基础权重 × 各系数之积，按门店归一化为 1。"]
            said += [f"有 {self.contested} 处规则方向相反，以门店层级规则为准。"] if self.contested else []
            said += [f"有 {back} 处归一化后方向与规则相反，见说明列。"] if back else []
            said += [f"没有指标带有以下主题：{'、'.join(unused)}。"] if unused else []
            return "".join([*said, *(say(each, "zh") for each in self.unmet)])
        said = ["Weight = base weight × product of the factors, renormalised to sum 1 in each store."]
        if self.contested:
            said.append(f"Rules set aside where the tier's pulls the other way: {self.contested}.")
        if back:
            said.append(
                f"Weights that end up against their rules, since others are raised more: {back} (see the remark)."
            )
        said += [f"No indicator bears: {', '.join(unused)}."] if unused else []
        return " ".join([*said, *(say(each, "en") for each in self.unmet)])

    def sentence(self) -> str:
        """How far the weights move, in one sentence."""
        moved = self.frame.loc[self.frame["change"].abs() > 1e-12, "store"].nunique()
        most = float(self.frame["change"].abs().max()) if len(self.frame) else 0.0
        if self.language == "zh":
            return f"{len(self.stores)} 家门店中有 {moved} 家的权重被调整，单个指标最多变动 {100 * most:.1f} 个百分点。"
        shops = "store" if len(self.stores) == 1 else "stores"
        return (
            f"Weights move in {moved} of {len(self.stores)} {shops}, a single one by {100 * most:.1f} points at most."
        )

    def of(self, store: Any) -> Floats:
        """(indicators,) weights of one store."""
        return self.for_stores([store])[0]

    def for_stores(self, stores: Sequence[Any] | pd.Series) -> Floats:
        """(n, indicators) weights, one row for each store named: the rows that visits are multiplied with.

        Raises
        ------
        DataError
            If a store has no weights; all of them are named.
        """
        at = {name: k for k, name in enumerate(self.stores)}
        lacking = list(dict.fromkeys(name for name in stores if name not in at))
        if lacking:
            cases = pd.DataFrame({"column": "store", "value": lacking, "problem": "it has no weights"})
            listed = ", ".join(map(repr, lacking[:10])) + (", …" if len(lacking) > 10 else "")
            raise DataError(f"these stores have no weights: {listed}. Add them to the stores that were weighed.", cases)
        return self.matrix[[at[name] for name in stores]]

    def audit(self) -> WeightAudit:
        """Which rule moved which weight, with the factor, the weight before and the weight after."""
        words = {} if self.checklist is None else self.checklist.words()
        return WeightAudit(self.audited, self.language, rules=self.rules, words=words, unmet=self.unmet)


def multiply_weights(base: Floats, factors: Floats) -> Floats:
    """(stores, indicators) weights: base × factor, each row renormalised to sum 1.

    >>> multiply_weights(np.array([0.5, 0.5]), np.array([[1.0, 1.0], [1.0, 3.0]])).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    """
    moved = base * factors
    return np.asarray(moved / moved.sum(axis=1, keepdims=True))


def weigh_checklist(
    checklist: Checklist,
    stores: pd.DataFrame,
    rules: WeightRules | str | Path = "store-focus",
    *,
    store: str = "store",
    tier: str = "tier",
    traffic: str = "traffic",
    phase: str | Mapping[Any, str] | StorePhases = "phase",
    low: float | None = None,
    high: float | None = None,
    language: Language | None = None,
) -> StoreWeights:
    """Weights of a checklist's indicators in each store: base × phase × traffic × tier, renormalised to sum 1.

    Weight of indicator k in store s: ``w_sk = W_k · Π_r f_rsk / Σ_j W_j · Π_r f_rsj``, with W_k the base weight (category ×
    within category) and f_rsk the factor of rule r where it holds in s and k bears one of its themes, else 1. Where
    rules for phase or traffic pull against one for the tier, they are set aside and logged.

    Parameters
    ----------
    checklist : its ``indicator_weights`` are the base
    stores : a row per store; only read
    rules : a :class:`WeightRules`, one of :func:`available_weight_rules`, or the path of a .toml file
    store, tier : columns. A tier may be told by its code or by its name in English or Chinese ("Core", "核心店" is ``core``);
        a tier that rules ask for and no store has is told in the notes of the weights and of their audit
    traffic : column with a number per store, cut at the terciles of these stores (or at ``low`` and ``high``), or with
        the words "low", "middle", "high" (小, 中, 大); a store without traffic gets no rule for it
    phase : column with "early" or "mature", what :func:`phase_of` returned, or a mapping from store; a store that it
        doesn't name is in the early phase
    low, high : thresholds of traffic, see :func:`traffic_bands`
    language : of the result; the checklist's if not given

    Returns
    -------
    StoreWeights
        ``.matrix`` for the scores, ``.audit()`` for whoever asks why.

    Raises
    ------
    DataError
        If the stores lack a column that the rules ask for, a store occurs twice, or a cell can't be used.

    Notes
    -----
    Directions after the study plan (section 1.4 of the chain's plan), which gives no sizes; the factors are conventions. A
    larger factor raises the share only against the mean factor of the store, ``Σ W_k f_sk``: where that is not so,
    ``reason`` says it. Rules don't touch a module that is scored apart.

    Examples
    --------
    >>> from servqual.mystery.checklist import load_checklist
    >>> shops = pd.DataFrame(
    ...     {
    ...         "store": ["A", "B", "C"],
    ...         "tier": ["flagship_core", "core", "hypermarket"],
    ...         "traffic": [9000, 4000, 1000],
    ...         "phase": ["mature", "early", "early"],
    ...     }
    ... )
    >>> weights = weigh_checklist(load_checklist("telecom-store"), shops)
    >>> weights.matrix.sum(axis=1).round(12).tolist(), weights.matrix.shape
    ([1.0, 1.0, 1.0], (3, 20))
    >>> moved = weights.audit().frame
    >>> moved.loc[(moved["store"] == "A") & (moved["indicator"] == "handling"), ["rule", "factor"]].values.tolist()
    [['mature-markedly', 1.5], ['traffic-high', 1.25]]
    """
    table = rules if isinstance(rules, WeightRules) else load_weight_rules(rules)
    profile = _profile(stores, table, store, tier, traffic, phase, low, high)
    names = tuple(profile["store"])
    themes = [set(each.themes) for each in checklist.indicators]
    hit = np.array([[bool(bears & set(rule.themes)) for bears in themes] for rule in table.rules])
    holds = np.array([_holds(rule, profile) for rule in table.rules])
    about = holds[:, :, None] & hit[:, None, :]
    applied = about & ~_against_tier(about, table.rules)
    size = np.array([rule.factor for rule in table.rules])
    factors = np.prod(np.where(applied, size[:, None, None], 1.0), axis=0)
    base = checklist.indicator_weights
    weights = multiply_weights(base, factors)
    borne = set().union(*themes)
    spoken = language or checklist.language
    return StoreWeights(
        _weight_rows(checklist, names, base, factors, weights),
        spoken,
        stores=names,
        matrix=weights,
        profile=profile,
        checklist=checklist,
        rules=table.in_language(spoken),
        unmet=_unmet(table.rules, profile),
        unused=tuple(dict.fromkeys(theme for rule in table.rules for theme in rule.themes if theme not in borne)),
        contested=int((about & ~applied)[:, :, base > 0].sum()),
        audited=_audit_rows(checklist, table, names, about, applied, base, weights),
    )


def _against_tier(about: Bools, rules: Sequence[WeightRule]) -> Bools:
    """(rules, stores, indicators) factors set aside: they pull one way, and all tier rules there the other."""
    size = np.array([rule.factor for rule in rules])[:, None, None]
    by_tier = np.array([rule.by_tier for rule in rules])[:, None, None]
    up = (about & by_tier & (size > 1)).any(axis=0)
    down = (about & by_tier & (size < 1)).any(axis=0)
    return np.asarray(about & ~by_tier & (((size < 1) & up & ~down) | ((size > 1) & down & ~up)))


def _holds(rule: WeightRule, profile: pd.DataFrame) -> Bools:
    met = [
        profile[name].map(lambda cell, name=name: word_key(name, cell)).isin([word_key(name, each) for each in values])
        for name, values in rule.when.items()
    ]
    return np.asarray(np.logical_and.reduce(met))


def _unmet(rules: Sequence[WeightRule], profile: pd.DataFrame) -> tuple[Text, ...]:
    """What rules ask of a store and none has; a phase or a band of traffic that no store is in is nothing to remark."""
    asked: list[tuple[Text, str, Sequence[str]]] = [
        ({"en": f"rule '{rule.id}'", "zh": f"规则“{rule.id}”"}, name, values)
        for rule in rules for name, values in rule.when.items() if name not in _OURS
    ]  # fmt: skip
    return rules_without_stores(profile, asked)


def _profile(
    stores: pd.DataFrame,
    rules: WeightRules,
    store: str,
    tier: str,
    traffic: str,
    phase: str | Mapping[Any, str] | StorePhases,
    low: float | None,
    high: float | None,
) -> pd.DataFrame:
    """A row per store with the columns that the rules ask for, as words."""
    if "phase" in rules.conditions and isinstance(phase, str) and phase not in stores.columns:
        raise DataError(
            f"the stores have no column '{phase}', and the rules ask for the phase. Give phase=phase_of(scores), or a "
            "mapping from store to 'early' or 'mature'."
        )
    asked = {"tier": tier, "traffic": traffic, **({"phase": phase} if isinstance(phase, str) else {})}
    columns = {name: asked.get(name, name) for name in rules.conditions if name in asked or name != "phase"}
    check_columns([store, *columns.values()], stores.columns, "stores")
    profile = pd.DataFrame({"store": stores[store].to_numpy()})
    for name, column in columns.items():
        profile[name] = stores[column].to_numpy()
    if "phase" in rules.conditions and not isinstance(phase, str):
        told = phase.phases() if isinstance(phase, StorePhases) else phase
        profile["phase"] = [told.get(name, "early") for name in profile["store"]]
    if "traffic" in columns and pd.api.types.is_numeric_dtype(profile["traffic"]):
        profile["traffic"] = traffic_bands(profile["traffic"], low=low, high=high)
    for name in set(_OURS) & set(profile.columns):
        codes = {label_key(word): code for code, text in _OURS[name].items() for word in (code, *text.values())}
        profile[name] = [codes.get(label_key(cell), cell) for cell in profile[name]]
    raise_faults(list(_profile_faults(profile, {"store": store, **columns})), "the stores")
    return profile


def _profile_faults(profile: pd.DataFrame, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Stores without a name or named twice, and cells that no rule can read."""
    twice = profile["store"].duplicated()
    for place, row in enumerate(profile.to_dict("records")):
        cell = {"store": row["store"], "row": place + 2}
        if is_missing(row["store"]) or twice.iloc[place]:
            problem = "it names no store" if is_missing(row["store"]) else "the store occurs twice"
            yield {**cell, "column": columns["store"], "value": row["store"], "problem": problem}
        for name, value in row.items():
            known = _OURS.get(str(name))
            if name == "store" or (name == "traffic" and is_missing(value)):
                continue
            if is_missing(value) or (known and value not in known):
                expected = f"use {', '.join(known)}" if known else "it is empty"
                yield {
                    **cell,
                    "column": columns.get(str(name), name),
                    "value": value,
                    "problem": f"{value!r}: {expected}",
                }


def _weight_rows(
    checklist: Checklist, names: Sequence[Any], base: Floats, factors: Floats, weights: Floats
) -> pd.DataFrame:
    n, k = weights.shape
    change = weights - base
    against = ((factors > 1) & (change < 0)) | ((factors < 1) & (change > 0))
    frame = pd.DataFrame(
        {
            "store": np.repeat(np.array(names, dtype=object), k),
            "category": np.tile([each.category for each in checklist.indicators], n),
            "indicator": np.tile([each.id for each in checklist.indicators], n),
            "base": np.tile(base, n),
            "factor": factors.ravel(),
            "weight": weights.ravel(),
            "change": change.ravel(),
            "reason": np.where(against & (np.abs(change) > 1e-12), TAKEN_BACK, "").ravel(),
        }
    )
    return frame[np.tile(base > 0, n)].reset_index(drop=True)


def _audit_rows(
    checklist: Checklist,
    rules: WeightRules,
    names: Sequence[Any],
    about: Bools,
    applied: Bools,
    base: Floats,
    weights: Floats,
) -> pd.DataFrame:
    """A row per store, rule and indicator of some weight that the rule is about, store by store."""
    s, r, k = np.nonzero((about & (base > 0)).transpose(1, 0, 2))
    ids, rule_ids = [each.id for each in checklist.indicators], [rule.id for rule in rules.rules]
    borne = {(a, b): ", ".join(theme for theme in rules.rules[a].themes if theme in checklist.indicators[b].themes)
             for a, b in set(zip(r.tolist(), k.tolist(), strict=True))}  # fmt: skip
    return pd.DataFrame(
        {
            "store": [names[place] for place in s.tolist()],
            "rule": [rule_ids[place] for place in r],
            "themes": [borne[pair] for pair in zip(r.tolist(), k.tolist(), strict=True)],
            "indicator": [ids[place] for place in k],
            "factor": np.array([rule.factor for rule in rules.rules])[r],
            "state": np.where(applied[r, s, k], APPLIED, SET_ASIDE),
            "before": base[k],
            "after": weights[s, k],
        }
    )
