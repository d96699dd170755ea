"""What does ``[plan]`` in study.toml ask for? Read strictly: each fault is named with its place and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servqual.instruments import Instrument, available_instruments, load_instrument
from servqual.planning.reached import gap_deff
from servqual.settings import Settings, is_number, is_whole, listed, open_study
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.questionnaire import Choice, Question
from survey_design.results import Language, Text, Variable

if TYPE_CHECKING:
    from servqual.planning.planned import PlanResults

SECTIONS = ("size", "regions", "stores", "intercepts", "focus_groups", "forms")


def _keys(**kinds: str) -> dict[str, str]:
    """Each key of a table and what kind of value it takes.

    >>> _keys(text="file encoding", number="icc")
    {'file': 'text', 'encoding': 'text', 'icc': 'number'}
    """
    return {name: kind for kind, names in kinds.items() for name in names.split()}


# What each key must be; what its value must be is judged by the function that takes it.
_PLAN = _keys(whole="seed", number="level", table=f"budget costs {' '.join(SECTIONS)}")
_COSTS = _keys(number="fixed store interview expectation city session incentive recruiting", text="currency")
_BUDGET = _keys(number="interviews focus_groups")
_SIZE = _keys(number="population per_store icc cv deff response_rate", quotas="quotas")
_SIZES: Mapping[str, Mapping[str, str]] = {
    "gap": _keys(number="sd sd_e sd_p r margin gap power ratio", text="pairing quantile alternative")
    | _keys(truth="expectation_in_stores"),
    "mean": _keys(number="sd margin difference power", text="quantile alternative"),
    "share": _keys(number="p margin null power", text="method alternative"),
    "comparison": _keys(
        number="margin difference power ratio overlap r",
        numbers="sd p",
        whole="comparisons",
        texts="names",
        text="method quantile alternative",
    ),
    "stores": _keys(number="sd icc margin cv", whole="strata stores_in_population minimum_per_store maximum_per_store"),
}
_READING = _keys(text="file encoding", text_or_number="sheet")
_SECTION: Mapping[str, Mapping[str, str]] = {
    "regions": _READING
    | _keys(text="region size method", whole="n minimum", columns="criteria", text_or_number="groups"),
    "stores": _READING
    | _keys(text="store strata area_type region size allocation method", whole="minimum maximum interviews per_store")
    | _keys(whole_or_numbers="n", number="power", numbers_by_name="sd cost", texts="order balance"),
    "intercepts": _READING
    | _keys(text="store day hour leavers")
    | _keys(
        whole="n choose block_hours blocks_per_store minimum",
        number="minutes_per_interview eligible response travel_hours hours_per_day",
    )
    | _keys(whole_or_texts="interviewers", days="days", text="quotas"),
    "focus_groups": _keys(labels="cities segments", whole_or_numbers="sessions_per_segment", text="per")
    | _keys(whole="participants minutes", number="show_rate theme_share icc", quotas_of_people="quotas"),
    "forms": _keys(text="instrument", texts="forms languages", labels="products", questions="questions")
    | _keys(truth="importance intercept", code="dont_know"),
}
_QUESTION = _keys(
    text="name kind", words="label hint unit", labels="choices", truth="required", number="minimum maximum"
)
_NEEDED = {"regions": ("file", "criteria", "n"), "stores": ("file",), "intercepts": ("file", "interviewers")}
_DRAWN = ("regions", "stores", "intercepts")


@dataclass(frozen=True)
class StudyPlan:
    """What the ``[plan]`` of a study.toml asks for, checked; nothing is computed yet.

    Attributes
    ----------
    folder, file : where it lies, and its name
    title, language : what the study is called, and the language of its report
    instrument : the study's instrument, None where the plan doesn't need one
    level : confidence of all margins
    seed : of everything that is drawn
    costs, budget : prices, and what may be spent: ``budget["interviews"]``, ``budget["focus_groups"]``
    sizes : what is to be estimated ("gap", "share", …) and the arguments of its ``size_for_…``
    sections : the arguments of the other parts that are asked for
    icc : how alike the customers of a store are taken to be; None where nothing is said
    variables : what columns and codes are called, as [variables] says
    gap_is_mixed : whether perceptions are asked in stores, and expectations of other people elsewhere
    """

    folder: Path
    file: str
    title: Text
    language: Language
    instrument: Instrument | None = None
    level: float = 0.95
    seed: int = 0
    costs: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    icc: float | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    gap_is_mixed: bool = False

    def results(self, language: Language | None = None, *, tell: Callable[[str], None] | None = None) -> PlanResults:
        """Size, draw, and lay out the forms.

        Parameters
        ----------
        language : of everything that is shown; the study's own if left out
        tell : called with a few words before each stage

        Raises
        ------
        SpecError, DataError
            Where a number can't be used, a file lacks a column, a quota can't be met: with the place in study.toml.
        """
        from servqual.planning.planned import compute

        language = self.language if language is None else language
        check_choice("language", language, Language)
        return compute(self, language, tell or (lambda _: None))

    def at(self, place: str) -> AbstractContextManager[None]:
        """Says in which place of study.toml an error of a function lies."""
        return Settings({}, self.file, self.folder)._at(place)

    def fail(self, place: str, what: str, remedy: str) -> None:
        """Raises what is wrong at a place, and what to write."""
        Settings({}, self.file, self.folder)._fail(place, what, remedy)

    def lacking(self) -> tuple[str, ...]:
        """The parts that are not asked for."""
        return tuple(name for name in SECTIONS if name not in self.parts())

    def parts(self) -> tuple[str, ...]:
        """The parts that are asked for."""
        return tuple(name for name in SECTIONS if name in self.sections or (name == "size" and self.sizes))

    def settings(self) -> dict[str, str]:
        """What was asked for, for the record."""
        named = {"[plan] level": f"{self.level:g}"}
        tables = {"costs": self.costs, "budget": self.budget, **self.sections}
        tables |= {f"size.{name}": asked for name, asked in self.sizes.items()}
        for name, table in tables.items():
            named |= {f"[plan.{name}] {key}": _shown(value) for key, value in table.items()}
        return named


def load_plan(path: str | Path) -> StudyPlan:
    """The plan of a study, from its ``study.toml`` or the folder that holds one; answers need not be there yet.

    Raises
    ------
    SpecError
        Names the key, its place, and what to write instead.

    Examples
    --------
    >>> plan = load_plan("data/sample")
    >>> plan.seed, list(plan.sizes), list(plan.sections)
    (2026, ['gap', 'share', 'stores'], ['stores', 'intercepts', 'focus_groups', 'forms'])
    >>> plan.lacking()
    ('regions',)
    """
    return _PlanReader(*open_study(path)).plan()


def _shown(value: Any) -> str:
    """A setting as text, the same on every run."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Question):
        return value.name
    return ", ".join(map(_shown, value)) if isinstance(value, (list, tuple)) else str(value)


class _PlanReader(Settings):
    """Turns the parsed ``[plan]`` into a StudyPlan."""

    def plan(self) -> StudyPlan:
        from servqual.study_file import TOP, read_variables

        self._only(self.content, "top level", TOP)
        with self._at("language"):
            check_choice("language", self.content.get("language", "en"), Language)
        if "plan" not in self.content:
            self._fail("[plan]", "the table is missing", "write [plan] and under it what is to be planned, such as "
                       "[plan.size.share] with p = 0.5 and margin = 0.05")  # fmt: skip
        self._refuse_misspelt()
        top = self._values(self.content["plan"], "[plan]", _PLAN)
        sections = {name: self._section(name, top[name]) for name in SECTIONS[1:] if name in top}
        return StudyPlan(
            folder=self.folder,
            file=self.where,
            title=self._named(self.content.get("title", self.where), "title"),
            language=self.content.get("language", "en"),
            instrument=self._instrument(sections.get("forms")),
            level=self._level(top),
            seed=self._seed(top),
            costs=self._amounts(top, "costs", _COSTS),
            budget=self._amounts(top, "budget", _BUDGET),
            sizes=self._sizes(top.get("size")),
            sections=sections,
            icc=top.get("size", {}).get("icc"),
            variables=read_variables(self),
            gap_is_mixed=_is_mixed(top.get("size")),
        )

    def _refuse_misspelt(self) -> None:
        """All keys that are not known, in one message."""
        found = []
        for place, table, known in _tables(self.content["plan"]):
            for key in table:
                if key not in known:
                    near = get_close_matches(key, known, n=1)
                    hint = f" Did you mean '{near[0]}'?" if near else ""
                    found.append(f"{place}, key '{key}': it is not known; use {', '.join(sorted(known))}.{hint}")
        if found:
            raise SpecError(f"{self.where}, " + "\n".join(found))

    def _level(self, top: Mapping[str, Any]) -> float:
        level = float(top.get("level", 0.95))
        with self._at("[plan] level"):
            check_between("level", level, 0, 1)
        return level

    def _seed(self, top: Mapping[str, Any]) -> int:
        drawn = [name for name in _DRAWN if name in top]
        if "seed" not in top and drawn:
            self._fail("[plan] seed", f"the key is missing, and [plan.{drawn[0]}] draws at random",
                       "write seed = and a whole number; the same number draws the same sample again")  # fmt: skip
        return int(top.get("seed", 0))

    def _amounts(self, top: Mapping[str, Any], name: str, known: Mapping[str, str]) -> dict[str, Any]:
        """Money: 0 or more."""
        amounts = self._values(top.get(name, {}), f"[plan.{name}]", known)
        for key, value in amounts.items():
            if is_number(value) and value < 0:
                self._fail(f"[plan.{name}] {key}", f"{value!r} is below 0", f"write {key} = 500")
        return amounts

    def _sizes(self, table: Any) -> dict[str, dict[str, Any]]:
        """What is to be estimated, each with the settings that they share."""
        if table is None:
            return {}
        known = {**_SIZE, **dict.fromkeys(_SIZES, "table")}
        values = self._values(table, "[plan.size]", known)
        asked = [name for name in _SIZES if name in values]
        if not asked:
            self._fail("[plan.size]", "it does not say what is to be estimated",
                       "write [plan.size.gap], [plan.size.share], [plan.size.comparison] or [plan.size.stores]")  # fmt: skip
        shared = self._shared(values)
        own = {name: self._values(values[name], f"[plan.size.{name}]", _SIZES[name]) for name in asked}
        sizes = {name: {**_only_for(name, shared), **own[name]} for name in asked if name != "stores"}
        if "gap" in sizes:
            sizes["gap"].pop("expectation_in_stores", None)
        if _is_mixed(values):
            sizes["gap"] = _of_two_samples(sizes["gap"])
        if "stores" in own:
            about: dict[str, Any] = {key: values[key] for key in ("icc", "cv") if key in values}
            sizes["stores"] = {**about, **own["stores"]}
        return sizes

    def _shared(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Population, design effect, response rate and quotas, which all ledgers take."""
        shared = {key: values[key] for key in ("population", "deff", "response_rate", "quotas") if key in values}
        if "per_store" in values and "icc" not in values:
            self._fail("[plan.size] per_store", "the design effect needs icc, too", "write icc = 0.05")
        if "per_store" in values and "deff" in values:
            self._fail("[plan.size] deff", "per_store and icc give one already", "keep the one you mean")
        if "per_store" in values:
            from survey_design.size import design_effect

            with self._at("[plan.size]"):
                shared["deff"] = design_effect(values["per_store"], values["icc"], cv=values.get("cv", 0.0))
        return shared

    def _section(self, name: str, table: Any) -> dict[str, Any]:
        place = f"[plan.{name}]"
        known = _SECTION[name]
        values = self._values(table, place, known)
        for key in _NEEDED.get(name, ()):
            if key not in values:
                self._fail(f"{place} {key}", "the key is missing", f"add {key} = …")
        if "file" in known:
            values["file"] = self._inside(values["file"], f"{place} file")
        return values

    def _instrument(self, forms: Mapping[str, Any] | None) -> Instrument | None:
        """The instrument that the forms ask."""
        if forms is None:
            return None
        tables = [self.content.get(name, {}) for name in ("perception", "responses", "expectation")]
        others = [table.get("instrument") for table in tables if isinstance(table, dict)]
        named = next(filter(None, (forms.get("instrument"), self.content.get("instrument"), *others)), None)
        if not isinstance(named, str):
            self._fail("[plan.forms] instrument", "the key is missing", 'add instrument = "servqual-22"')
        language = self.content.get("language", "en")
        with self._at("[plan.forms] instrument"):
            if named in available_instruments() or not named.endswith(".toml"):
                return load_instrument(named, language=language)
        return load_instrument(self._inside(named, "[plan.forms] instrument"), language=language)

    # one value at a time

    def _values(self, table: Any, place: str, known: Mapping[str, str]) -> dict[str, Any]:
        """The values of a table, each of the kind that its key takes."""
        if not isinstance(table, dict):
            self._fail(place, f"{table!r} is not a table", f"write {place} on a line of its own")
        self._only(table, place, set(known))
        return {key: self._value(value, f"{place} {key}", known[key]) for key, value in table.items()}

    def _value(self, value: Any, place: str, kind: str) -> Any:
        fits, example, read = _KINDS[kind]
        if not fits(value):
            self._fail(place, f"{value!r} is not {_A[kind]}", f"write {place.rsplit(' ', 1)[-1]} = {example}")
        if kind in ("labels", "words"):
            return self._labels(value, place) if kind == "labels" else self._named(value, place)
        return self._questions(value, place) if kind == "questions" else read(value)

    def _labels(self, value: Any, place: str) -> dict[str, Text]:
        """Codes and what they are called; a list of names stands for itself."""
        named = value if isinstance(value, dict) else {name: name for name in _texts(value)}
        return {str(code): self._named(text, f"{place}.{code}") for code, text in named.items()}

    def _questions(self, tables: Sequence[Any], place: str) -> tuple[Question, ...]:
        """Further questions, in the order given."""
        questions = []
        for number, table in enumerate(tables, start=1):
            here = f"[[plan.forms.questions]] number {number}"
            values = self._values(table, here, _QUESTION)
            for key in ("name", "kind", "label"):
                if key not in values:
                    self._fail(f"{here} {key}", "the key is missing", f"add {key} = …")
            choices = tuple(Choice(code, label) for code, label in values.pop("choices", {}).items())
            with self._at(here):
                questions.append(Question(choices=choices, **values))
        return tuple(questions)


def _tables(plan: Any) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, str]]]:
    """Every table of ``[plan]`` that is one: its place, what it says, and the keys it may have."""
    known: dict[str, Mapping[str, str]] = {"": _PLAN, "costs": _COSTS, "budget": _BUDGET, **_SECTION}
    known["size"] = {**_SIZE, **dict.fromkeys(_SIZES, "table")}
    known |= {f"size.{name}": keys for name, keys in _SIZES.items()}
    for name, keys in known.items():
        table = plan
        for part in filter(None, name.split(".")):
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict):
            yield f"[plan.{name}]" if name else "[plan]", table, keys


def _is_mixed(table: Any) -> bool:
    """True if [plan.size] has a gap of perceptions in stores and expectations elsewhere."""
    gap = table.get("gap") if isinstance(table, dict) and "per_store" in table else None
    return isinstance(gap, dict) and gap.get("pairing") == "independent" and not gap.get("expectation_in_stores", False)


def _of_two_samples(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A gap of two samples under the design effect that belongs to it; what can't be used is said by its function."""
    spreads = asked.get("sd_e", 0), asked.get("sd_p", 0), asked.get("ratio", 1.0)
    return {**asked, "deff": gap_deff(*spreads, deff=asked["deff"])} if min(spreads) > 0 else dict(asked)


def _only_for(name: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    """A comparison has no finite population."""
    return {key: value for key, value in shared.items() if (name, key) != ("comparison", "population")}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and bool(value) and all(map(_is_text, value)))


def _are_numbers(value: Any) -> bool:
    return is_number(value) or (isinstance(value, list) and bool(value) and all(map(is_number, value)))


def _by_name(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(is_number, value.values()))


def _are_days(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(day, date) or _is_text(day) for day in value)


def _texts(value: Any) -> tuple[str, ...]:
    return listed(tuple(value) if isinstance(value, list) else value)


def _days(value: Any) -> tuple[str, ...]:
    return tuple(day.isoformat() if isinstance(day, date) else day for day in value)


def _same(value: Any) -> Any:
    return value


def _names_or(value: Any) -> Any:
    return list(_texts(value)) if _are_texts(value) else value


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


# kind -> whether a value is one, an example, and how it is handed on
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str, Callable[[Any], Any]]] = {
    "text": (_is_text, '"…"', _same),
    "number": (is_number, "0.5", _same),
    "whole": (lambda value: is_whole(value) and value >= 0, "5", _same),
    "truth": (lambda value: isinstance(value, bool), "true", _same),
    "code": (lambda value: is_whole(value) or _is_text(value) or value is False, "99", _same),
    "texts": (_are_texts, '["…", "…"]', _texts),
    "numbers": (_are_numbers, "[1.2, 1.4]", _same),
    "numbers_by_name": (_by_name, "{ core = 1.2 }", _same),
    "text_or_number": (lambda value: _is_text(value) or is_whole(value), '"…"', _same),
    "whole_or_numbers": (lambda value: is_whole(value) or _by_name(value), "40", _same),
    "whole_or_texts": (lambda value: is_whole(value) or _are_texts(value), "6", _names_or),
    "quotas": (lambda value: _are_numbers(value) or _by_name(value), "{ female = 0.5, male = 0.5 }", _same),
    "columns": (lambda value: _is_table(value) and bool(value) and all(map(_are_texts, value.values())),
                '{ economic = ["income"] }', lambda value: {key: list(_texts(each)) for key, each in value.items()}),
    "days": (_are_days, "[2026-03-02, 2026-03-03]", _days),
    "labels": (lambda value: (_is_table(value) and bool(value)) or _are_texts(value),
               '{ business = { en = "business customers", zh = "商务客户" } }', _same),
    "words": (lambda value: _is_text(value) or _is_table(value), '{ en = "…", zh = "…" }', _same),
    "quotas_of_people": (lambda value: _is_table(value) and all(map(_by_name, value.values())),
                         "{ sex = { female = 0.5, male = 0.5 } }", _same),
    "questions": (lambda value: isinstance(value, list), "[[plan.forms.questions]]", _same),
    "table": (lambda value: True, "", _same),
}  # fmt: skip
_A = {
    "text": "a text",
    "number": "a number",
    "whole": "a whole number of 0 or more",
    "truth": "true or false",
    "code": "a code",
    "texts": "names",
    "numbers": "a number or numbers",
    "numbers_by_name": "numbers by name",
    "text_or_number": "a name or a whole number",
    "whole_or_numbers": "a whole number, or numbers by name",
    "whole_or_texts": "a whole number or names",
    "quotas": "shares",
    "columns": "columns by criterion",
    "days": "days",
    "labels": "names",
    "words": "a text",
    "quotas_of_people": "shares by level",
    "questions": "questions",
    "table": "a table",
}
