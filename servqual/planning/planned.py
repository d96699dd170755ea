"""How do the parts of a plan lead to one another? Sizes, stores, timetable, sessions, forms, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.planning.asked import StudyPlan, load_plan
from servqual.planning.costs import CostPlan, cost_plan
from servqual.planning.coverage import Coverage, coverage
from servqual.planning.reached import Reached, reached
from servqual.planning.tables import NAMING, STORE_WEIGHT, column, named_file, tables_of
from survey_design.errors import DataError, SpecError
from survey_design.files.table import Source
from survey_design.results import Column, Language, Result, Text, Variable, say
from survey_design.sampling import SampleDesign
from survey_design.sampling.allocation import Allocation

if TYPE_CHECKING:
    from servqual.report import Report
    from survey_design.focus_groups import DiscussionGuide, FocusGroupPlan
    from survey_design.intercepts import InterceptPlan, TallySheet
    from survey_design.questionnaire import Questionnaire
    from survey_design.sampling.regions import ChosenRegions
    from survey_design.sampling.selection import Sample
    from survey_design.size import SampleSize, StoresAndCustomers

Tell = Callable[[str], None]
LEAST = 5  # interviews in a store
_LEAST_STORES = 2  # in a stratum: one store has no error of its own
_BLOCK: Text = {"en": "Block of the timetable", "zh": "时段编号"}
_AS_ON_THE_SHEET: Text = {"en": "As on the tally sheet.", "zh": "与计数表上的时段一致。"}
_DRAWN_BEFORE: Text = {
    "en": "{n} stores were drawn before, each with its chance; a store that was not certain counts as a cluster of its stratum",
    "zh": "{n} 家门店已事先抽取，各有入样概率；非必然入样的门店作为所在层的群",
}


class _OfStores(Allocation):
    """An allocation that counts stores, not interviews."""

    def title(self) -> str:
        k, zh = len(self.frame), self.language == "zh"
        return f"{self.n} 家门店分配到 {k} 个层" if zh else f"{self.n} stores over {k} strata"

    def sentence(self) -> str:
        """The allocation in one sentence."""
        said = super().sentence()
        if self.language == "zh":
            return said.replace("个样本", "家门店", 1).replace(" 个。", " 家。")
        return said.replace(" interviews over ", " stores over ", 1)


class _OfInterviews(Allocation):
    """An allocation over stores whose size is their traffic."""

    def title(self) -> str:
        k, zh = len(self.frame), self.language == "zh"
        return f"{self.n} 份访问分配到 {k} 家门店" if zh else f"{self.n} interviews over {k} stores"


def _as_drawn(sample: Sample, numbers: Sequence[str]) -> Sample:
    """The drawn stores, their traffic and other numbers shown as numbers."""
    from survey_design.sampling.selection import Sample

    class Drawn(Sample):
        def columns(self) -> tuple[Column, ...]:
            whole = {name: (self.frame[name] % 1 == 0).all() for name in numbers}
            return tuple(
                replace(column, kind="count" if whole[column.name] else "number") if column.name in whole else column
                for column in super().columns()
            )

    return Drawn(**_values(sample))


@dataclass(frozen=True)
class PlanResults:
    """Everything that was planned; what the study does not ask for is empty.

    Attributes
    ----------
    plan, language : what was asked for, and the language it is told in
    sizes : what is estimated ("gap", "share", "mean", "comparison") and its ledger
    stages : stores and customers per store, the best for the budget or margin
    regions : regions chosen
    allocation, stores : how many stores of each stratum, and those drawn
    coverage : area types and regions, listed and drawn
    quotas : interviews of each drawn store, where there is no timetable that says it
    intercepts, tally : timetable of the exit interviews, and the sheets to be filled in
    focus_groups, guide : sessions, and what they talk about
    questionnaire : the form
    expectation_questionnaire : the form of those who are asked elsewhere what they expect
    costs : what all of it costs
    sources : the files it was made from
    tables : what these files hold, by part
    """

    plan: StudyPlan
    language: Language
    sizes: Mapping[str, SampleSize] = field(default_factory=dict)
    stages: StoresAndCustomers | None = None
    regions: ChosenRegions | None = None
    allocation: Allocation | None = None
    stores: Sample | None = None
    coverage: Coverage | None = None
    quotas: Allocation | None = None
    intercepts: InterceptPlan | None = None
    tally: TallySheet | None = None
    focus_groups: FocusGroupPlan | None = None
    guide: DiscussionGuide | None = None
    questionnaire: Questionnaire | None = None
    expectation_questionnaire: Questionnaire | None = None
    costs: CostPlan | None = None
    sources: tuple[Source, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def interviews(self) -> int | None:
        """Interviews planned in stores: those shared out, else those that the sizes need."""
        return interviews_of(self)

    @property
    def needed(self) -> int | None:
        """Interviews that the most demanding size asks for; None where no size is planned."""
        return max((at_the_door(size) for size in self.sizes.values()), default=None)

    @property
    def expectations(self) -> int | None:
        """Interviews with other people about what they expect; None where the same people answer both, or nobody is asked."""
        counts = {say(name, "en"): n for size in self.sizes.values() for name, n in _cells(size)}
        return counts.get("expectation")

    @property
    def reached(self) -> Reached | None:
        """What the sizes reach with the quotas of the drawn stores; None without sizes or without stores."""
        shared = self.intercepts.stores["quota"] if self.intercepts is not None else None
        shared = self.quotas.frame["n"] if shared is None and self.quotas is not None else shared
        if shared is None or not self.sizes:
            return None
        quotas = [int(n) for n in shared]
        found = reached(self.sizes, self.plan.sizes, quotas, self.expectations, self.plan.icc)
        return found.in_language(self.language)

    @property
    def asks_expectations(self) -> bool:
        """Whether a form asks what customers expect."""
        if self.questionnaire is None or self.plan.instrument is None:
            return False
        kinds = {form.name for form in self.plan.instrument.forms}
        asked = self.plan.sections["forms"].get("forms", kinds)
        return self.expectation_questionnaire is not None or "expectation" in {*asked} & kinds

    @property
    def labels(self) -> dict[str, Variable]:
        """What columns and codes are called in the plan's tables and pictures, as [variables] says."""
        named, stores = dict(self.plan.variables), self.plan.sections.get("stores", {})
        ours = {"store": "store", "area_type": "area_type", "tier": "strata"}
        told = {name: named[stores[key]] for name, key in ours.items() if stores.get(key) in named}
        cities = self.plan.sections.get("focus_groups", {}).get("cities", {})
        return {**named, **told, "city": Variable({}, cities)}

    @property
    def design(self) -> SampleDesign | None:
        """The design that the analysis reads: its columns are those that :meth:`weigh` gives; None without stores."""
        if self.intercepts is not None:
            return self.intercepts.design
        return None if self.stores is None else replace(self.stores.design, weight="weight")

    def weigh(
        self, responses: Any, tallies: pd.DataFrame | None = None, *, target: str = "visits", **options: Any
    ) -> Any:
        """The answers with the columns that :attr:`design` names, so that nobody types them.

        Parameters
        ----------
        responses : a row per interview, with ``block`` where exit interviews were planned, else with the store; or a filled
            form as ``read_filled`` hands it over, which comes back as one: ``read_responses(planned.weigh(filled),
            instrument, planned.design)`` needs nothing typed again
        tallies : filled tally sheets, where they were kept
        target : "visits" or "customers"; see :func:`survey_design.intercepts.intercept_weights`
        options : further arguments of that function

        Returns
        -------
        DataFrame, or a filled form with such a frame
            With a timetable, ``weight`` is one over the chance of a leaver, corrected for refusals where there are
            tallies. Without one it is ``store_weight × traffic / interviews in the store``, or without traffic
            ``store_weight / interviews in the store``, every store then counting alike.

        Examples
        --------
        >>> planned = plan_study("data/sample")
        >>> blocks = planned.intercepts.frame["block"]
        >>> answers = pd.DataFrame({"block": blocks.repeat(3), "P_TAN1": 5})
        >>> sorted(set(planned.weigh(answers).columns) & set(planned.design.column_names()))
        ['cluster', 'stratum', 'weight']
        """
        from servqual.planning.field import weighed

        if isinstance(responses, pd.DataFrame):
            return weighed(self, responses, tallies, target, options)
        frame = weighed(self, responses.frame, tallies, target, options)
        return replace(responses, frame=frame)

    def report(self) -> Report:
        """The plan as a report: in short, then part by part."""
        from servqual.planning.page import plan_report

        return plan_report(self)

    def headlines(self) -> list[str]:
        """How many, whom, where, when, at what cost, each in one sentence."""
        from servqual.planning.page import in_short

        return in_short(self)

    def warnings(self) -> list[str]:
        """What the plan doesn't reach, each in one sentence; empty where it reaches what was asked for."""
        from servqual.planning.page import warnings

        return warnings(self)

    def design_toml(self) -> str:
        """Lines that carry the design into study.toml; empty where nothing was drawn."""
        from servqual.planning.field import design_lines

        return design_lines(self)

    def save_all(self, folder: str | Path) -> list[Path]:
        """Write ``plan.html``, ``plan.xlsx`` and the folder ``plan`` with tables, design and forms.

        Everything is made before anything is written; what stood there before stays as ``plan.previous…``. The same
        study and seed give the same bytes.
        """
        from servqual.planning.field import save

        return save(self, Path(folder))


def plan_study(path: str | Path, language: Language | None = None) -> PlanResults:
    """Plan a study: sizes, stores, timetable, sessions and forms, as its study.toml asks.

    Parameters
    ----------
    path : a study.toml, or the folder that holds one
    language : of everything that is shown; the study's own if left out

    Returns
    -------
    PlanResults

    Raises
    ------
    SpecError, DataError
        With the place in study.toml, and the cells of a file where it is about these.

    Examples
    --------
    >>> planned = plan_study("data/sample")
    >>> planned.interviews, len(planned.stores.frame), len(planned.focus_groups.frame)
    (900, 40, 8)
    >>> planned.stores.design.strata, planned.stores.design.clusters
    ('tier', 'store')
    """
    return load_plan(path).results(language)


def compute(plan: StudyPlan, language: Language, tell: Tell) -> PlanResults:
    """Every part that is asked for, each from those before it."""
    tables, sources = tables_of(plan)
    done = PlanResults(plan, language, tables=tables, sources=sources)
    for name, (words, part) in _PARTS.items():
        if name in plan.sections or (name == "size" and plan.sizes):
            tell(words)
            done = part(done)
    return replace(done, costs=_costs(done))


# --- how many ----------------------------------------------------------------------------------------------


def _sized(done: PlanResults) -> PlanResults:
    from survey_design import size

    plan = done.plan
    verbs: Mapping[str, Callable[..., Any]] = {"gap": size.size_for_gap, "mean": size.size_for_mean,
                              "share": size.size_for_proportion, "comparison": size.size_for_comparison}  # fmt: skip
    sizes = {}
    for name, asked in plan.sizes.items():
        if name in verbs:
            with plan.at(f"[plan.size.{name}]"):
                sizes[name] = _called(verbs[name], asked, plan.level).in_language(done.language)
    return replace(done, sizes=sizes, stages=_staged(done))


def _called(verb: Callable[..., Any], asked: Mapping[str, Any], level: float) -> Any:
    """A size_for_… with what was asked; what it lacks is said in the words of study.toml."""
    try:
        return verb(**asked, level=level)
    except TypeError as error:
        raise SpecError(f"it lacks a value: {str(error).split('() ')[-1]}. Add it.") from error


def _staged(done: PlanResults) -> StoresAndCustomers | None:
    from survey_design.size import size_for_stores_and_customers

    plan = done.plan
    if "stores" not in plan.sizes:
        return None
    for key in ("store", "interview"):
        if key not in plan.costs:
            plan.fail(f"[plan.costs] {key}", "the key is missing; [plan.size.stores] weighs stores against interviews",
                      f"write {key} = and what one more costs")  # fmt: skip
    asked = {**_listed_stores(done), **plan.sizes["stores"]}
    if "margin" not in asked and "interviews" in plan.budget:
        asked["budget"] = plan.budget["interviews"]
    prices = {"cost_per_store": plan.costs["store"], "cost_per_interview": plan.costs["interview"],
              "fixed_cost": plan.costs.get("fixed", 0.0)}  # fmt: skip
    with plan.at("[plan.size.stores]"):
        staged: StoresAndCustomers = _called(size_for_stores_and_customers, {**prices, **asked}, plan.level)
    return staged.in_language(done.language)


def _listed_stores(done: PlanResults) -> dict[str, Any]:
    """What the list of stores says about a number of stores: how many there are, in how many strata."""
    if "stores" not in done.plan.sections:
        return {}
    asked, frame = done.plan.sections["stores"], done.tables["stores"]
    known = {"stores_in_population": len(frame)}
    if "strata" in asked:
        known["strata"] = frame[asked["strata"]].nunique()
    if "per_store" in asked:
        known["minimum_per_store"] = asked["per_store"]
    return known


def _cells(size: SampleSize) -> Iterator[tuple[Text, int]]:
    """The samples of a size and their interviews."""
    yield from zip((name for name, _ in size.cells), size.n_by_cell.values(), strict=True)


def at_the_door(size: SampleSize) -> int:
    """Interviews of a size that are held with people who were served: of two samples, the second.

    >>> from survey_design.size import size_for_gap
    >>> at_the_door(size_for_gap(sd_e=0.6, sd_p=0.9, gap=0.15, pairing="independent"))
    410
    """
    return {say(name, "en"): n for name, n in _cells(size)}.get("perception", size.n)


def interviews_of(done: PlanResults) -> int | None:
    """Interviews to hold: as asked, else the best number for the budget, else what the sizes need."""
    for name, key in (("intercepts", "n"), ("stores", "interviews")):
        if key in done.plan.sections.get(name, {}):
            return int(done.plan.sections[name][key])
    return done.stages.n if done.stages is not None else done.needed


# --- whom and where ----------------------------------------------------------------------------------------


def _regions(done: PlanResults) -> PlanResults:
    from survey_design.sampling.regions import choose_regions, group_regions

    plan, asked = done.plan, done.plan.sections["regions"]
    frame = done.tables["regions"]
    grouping = {key: asked[key] for key in ("size", "groups") if key in asked}
    choosing = {key: asked[key] for key in ("method", "minimum") if key in asked}
    with plan.at("[plan.regions]"), named_file(asked["file"].name):
        groups = group_regions(frame, asked["criteria"], by=asked.get("region", "region"), **grouping)
        chosen = choose_regions(groups, asked["n"], seed=plan.seed, **choosing)
    return replace(done, regions=chosen.in_language(done.language))


def _stores(done: PlanResults) -> PlanResults:
    plan, asked = done.plan, done.plan.sections["stores"]
    frame = done.tables["stores"]
    with plan.at("[plan.stores]"), named_file(asked["file"].name):
        allocation = _allocated(done, frame)
        sample = _drawn(done, frame, allocation)
    kinds = [asked[key] for key in ("area_type", "region") if key in asked]
    covered = coverage(frame, sample.frame, kinds).in_language(done.language) if kinds else None
    done = replace(done, allocation=allocation, stores=sample, coverage=covered)
    n = interviews_of(done)
    if "intercepts" in plan.sections or n is None:
        return done
    with plan.at("[plan.stores] interviews"):
        quotas = _quotas(sample.frame, n, asked.get("per_store", LEAST), column(plan, "store"), asked.get("size"))
    return replace(done, quotas=quotas.in_language(done.language))


def _allocated(done: PlanResults, frame: pd.DataFrame) -> Allocation | None:
    """How many stores of each stratum; None where there are no strata."""
    from survey_design.sampling.allocation import allocate

    asked = done.plan.sections["stores"]
    by, n = asked.get("strata"), _number_of_stores(done)
    if by is None:
        if isinstance(n, dict):
            raise SpecError("n names strata, but no column does: add strata = … , or write n as one number.")
        if n > len(frame):
            raise SpecError(
                f"n = {n} stores cannot be drawn: {asked['file'].name} lists {len(frame)}. Write n = {len(frame)} or less."
            )
        return None
    _check_spread(asked)
    strata = frame.groupby(by, sort=False).size().rename("stores").reset_index()
    for key in ("sd", "cost"):
        if key in asked:
            strata[key] = strata[by].astype(str).map({str(name): value for name, value in asked[key].items()})
    bounds = {key: asked[key] for key in ("maximum", "power") if key in asked}
    method = asked.get("allocation", "proportional")
    if isinstance(n, dict):
        strata = _as_given(strata, by, n)
        method, bounds = "proportional", {"maximum": "n_given"}
    least = "n_given" if isinstance(n, dict) else asked.get("minimum", _LEAST_STORES)
    total = int(sum(n.values())) if isinstance(n, dict) else n
    if not isinstance(n, dict):
        _check_total(n, dict(zip(strata[by].astype(str), strata["stores"], strict=True)), asked)
    found = allocate(strata, total, method=method, by=by, size="stores", minimum=least, **bounds)
    return _OfStores(**_values(found)).in_language(done.language)


def _check_total(n: int, there: Mapping[str, int], asked: Mapping[str, Any]) -> None:
    """Refuse a number of stores that the list, or the bounds of the strata, do not allow."""
    file, listed = asked["file"].name, sum(there.values())
    least, most = asked.get("minimum", _LEAST_STORES), asked.get("maximum", listed)
    low, high = (sum(min(bound, k) for k in there.values()) for bound in (least, most))
    strata = ", ".join(f"{name} {k}" for name, k in there.items())
    if n > listed:
        raise SpecError(
            f"n = {n} stores cannot be drawn: {file} lists {listed} ({strata}). Write n = {listed} or less."
        )
    if n > high:
        raise SpecError(f"n = {n} stores cannot be drawn with maximum = {most}: the strata ({strata}) then give {high} "
                        f"at most. Write n = {high} or less, or raise maximum.")  # fmt: skip
    if n < low:
        raise SpecError(f"n = {n} stores are fewer than minimum = {least} in each stratum ({strata}) asks for, which is {low}. "
                        f"Write n = {low} or more, or lower minimum.")  # fmt: skip


def _check_spread(asked: Mapping[str, Any]) -> None:
    """Refuse a rule that lacks what it shares out by."""
    needed = {"neyman": ("sd",), "cost": ("sd", "cost")}.get(asked.get("allocation", ""), ())
    lacking = [key for key in needed if key not in asked]
    if lacking:
        raise SpecError(f"allocation = '{asked['allocation']}' needs {' and '.join(lacking)} of every stratum: "
                        f"add {lacking[0]} = {{ core = 1.2, … }}.")  # fmt: skip


def _as_given(strata: pd.DataFrame, by: str, n: Mapping[str, Any]) -> pd.DataFrame:
    """The strata with the number asked for in each."""
    names = strata[by].astype(str)
    wrong = {"n says nothing of": sorted(set(names) - set(n)), "there is no stratum": sorted(set(n) - set(names))}
    said = [f"{what} {', '.join(them)}" for what, them in wrong.items() if them]
    short = [f"{name} has {there} stores, not {n[name]}"
             for name, there in zip(names, strata["stores"], strict=True) if n.get(name, 0) > there]  # fmt: skip
    if said or short:
        raise SpecError(f"{'; '.join([*said, *short])}. The strata of '{by}' are {', '.join(names)}.")
    return strata.assign(n_given=names.map({name: int(number) for name, number in n.items()}))


def _values(found: Result) -> dict[str, Any]:
    return {each.name: getattr(found, each.name) for each in fields(found)}


def _number_of_stores(done: PlanResults) -> Any:
    """As asked, else the best number for the budget."""
    asked = done.plan.sections["stores"]
    if "n" in asked:
        return asked["n"]
    if done.stages is None:
        raise SpecError("it does not say how many stores: add n = 40, or let [plan.size.stores] find the number.")
    return int(done.stages.best["stores"])


def _drawn(done: PlanResults, frame: pd.DataFrame, allocation: Allocation | None) -> Sample:
    from survey_design.sampling.selection import draw

    plan, asked = done.plan, done.plan.sections["stores"]
    design = SampleDesign(strata=asked.get("strata"), clusters=column(plan, "store"), weight=STORE_WEIGHT)
    options = {key: asked[key] for key in ("method",) if key in asked}
    if "order" in asked:
        options["order"] = list(asked["order"])
    if "balance" in asked:
        options["auxiliary"] = list(asked["balance"])
    if asked.get("method") == "pps":
        if "size" not in asked:
            raise SpecError("method = 'pps' draws in proportion to size: name its column, size = \"monthly_footfall\".")
        options["size"] = asked["size"]
    n = _number_of_stores(done) if allocation is None else allocation.to_dict()
    drawn = draw(frame, design, n, seed=plan.seed, **options)
    known = [
        name for name in (asked.get("size"), *asked.get("order", ()), *asked.get("balance", ())) if name is not None
    ]
    numbers = [name for name in known if pd.api.types.is_numeric_dtype(frame[name])]
    return _as_drawn(drawn, numbers).in_language(done.language)


def _quotas(stores: pd.DataFrame, n: int, least: int, store: str, size: str | None) -> Allocation:
    """Interviews of each store: by traffic, else the same for all, never below the least."""
    from survey_design.sampling.allocation import allocate

    table = stores[[store]].assign(traffic=1 if size is None else stores[size].to_numpy())
    method: Any = "equal" if size is None else "proportional"
    found = allocate(table, n, method=method, by=store, size="traffic", minimum=least, capped=False)
    return _OfInterviews(**_values(found))


# --- when --------------------------------------------------------------------------------------------------


def _intercepts(done: PlanResults) -> PlanResults:
    from survey_design.intercepts import plan_intercepts, tally_sheet

    plan, asked = done.plan, done.plan.sections["intercepts"]
    footfall = done.tables["intercepts"]
    n, drawn = interviews_of(done), done.stores
    if n is None:
        plan.fail("[plan.intercepts] n", "the key is missing, and no size says it", "add n = 400, or a [plan.size]")
    options = {key: value for key, value in asked.items() if key not in (*NAMING, "n")}
    options.setdefault("minimum", plan.sections.get("stores", {}).get("per_store", LEAST))
    if "days" in options:
        options["days"] = list(options["days"])
    if drawn is not None:
        if "choose" in asked:
            plan.fail("[plan.intercepts] choose", "the stores are drawn by [plan.stores]", "take out one of them")
        with plan.at("[plan.intercepts] file"):
            footfall = _of_drawn(footfall, drawn.frame[column(plan, "store")], asked["file"].name)
        options["stores"] = _about_stores(plan, drawn.frame)
    with plan.at("[plan.intercepts]"), named_file(asked["file"].name):
        found = plan_intercepts(footfall, n=int(n or 0), seed=plan.seed, language=done.language, **options)
        found = found if drawn is None else with_chances(found, drawn, column(plan, "store"))
    return replace(done, intercepts=found, tally=tally_sheet(found))


def _of_drawn(footfall: pd.DataFrame, stores: pd.Series, where: str) -> pd.DataFrame:
    """The hours of the stores that were drawn."""
    wanted = stores.astype(str)
    lacking = wanted[~wanted.isin(footfall["store"].astype(str))]
    if len(lacking):
        cases = pd.DataFrame({"file": where, "column": "store", "value": lacking.to_numpy(), "problem": "no footfall"})
        raise DataError(f"{where} has no hours of {len(lacking)} stores that were drawn "
                        f"({', '.join(lacking[:5])}{', …' if len(lacking) > 5 else ''}). Add them.", cases)  # fmt: skip
    return footfall[footfall["store"].astype(str).isin(wanted)]


def _about_stores(plan: StudyPlan, frame: pd.DataFrame) -> pd.DataFrame:
    """Drawn stores as the timetable wants them."""
    asked = plan.sections["stores"]
    columns = {column(plan, "store"): "store"}
    columns |= {
        asked[key]: name
        for key, name in (("area_type", "area_type"), ("strata", "tier"), ("region", "region"))
        if key in asked
    }
    return frame[list(columns)].rename(columns=columns)


def with_chances(found: InterceptPlan, drawn: Sample, store: str) -> InterceptPlan:
    """A timetable at stores that were drawn before: their chances, strata and clusters become part of it."""
    from survey_design.intercepts.plan import store_strata

    units = drawn.frame.assign(_store=drawn.frame[store].astype(str)).set_index("_store")
    p = units["inclusion_probability"]
    strata = drawn.design.strata
    stratum = units[strata].astype(str) if strata is not None else pd.Series("all", index=units.index)

    def carried(table: pd.DataFrame) -> pd.DataFrame:
        chance = table["store"].map(p).to_numpy(float)
        return table.assign(p_store=chance, stratum=store_strata(table["store"], chance, table["store"].map(stratum)))

    frame, stores = carried(found.frame), carried(found.stores)
    frame["p_leaver"] = frame["p_store"] * frame["p_block"] / frame["k"]
    frame["weight"] = 1 / frame["p_leaver"]
    frame["cluster"] = np.where(frame["p_store"] == 1, frame["block"], frame["store"])
    told = {code: text.format(n=len(stores)) for code, text in _DRAWN_BEFORE.items()}
    remarks = tuple(told if say(remark, "en").startswith("all ") else remark for remark in found.remarks)
    return replace(found, frame=frame, stores=stores, remarks=remarks)


# --- what is talked about and asked ------------------------------------------------------------------------


def _focus_groups(done: PlanResults) -> PlanResults:
    from survey_design.focus_groups import SessionCosts, discussion_guide, plan_focus_groups

    plan, asked = done.plan, dict(done.plan.sections["focus_groups"])
    cities = list(asked.pop("cities", ())) or None
    if cities is None and done.regions is not None:
        cities = list(done.regions.frame[done.regions.groups.by].astype(str))
    if cities is None:
        plan.fail("[plan.focus_groups] cities", "the key is missing", 'add cities = ["…", "…"], or plan [plan.regions]')
    minutes, quotas = asked.pop("minutes", 120), asked.pop("quotas", None)
    prices = {key: plan.costs[key] for key in ("city", "session", "incentive", "recruiting", "currency")
              if key in plan.costs}  # fmt: skip
    with plan.at("[plan.focus_groups]"):
        found = plan_focus_groups(list(cities or ()), costs=SessionCosts(**prices),
                                  budget=plan.budget.get("focus_groups"), language=done.language, **asked)  # fmt: skip
        found.participants(quotas)
        guide = discussion_guide(language=done.language, minutes=minutes)
    return replace(done, focus_groups=found, guide=guide)


def _forms(done: PlanResults) -> PlanResults:
    plan, asked = done.plan, done.plan.sections["forms"]
    options = {key: asked[key] for key in ("importance", "intercept", "products") if key in asked}
    if asked.get("intercept") and done.stores is not None:
        names = done.stores.frame[column(plan, "store")].astype(str)
        options["stores"] = {name: done.labels.get("store", Variable()).values.get(name, name) for name in names}
    with plan.at("[plan.forms]"):
        form = _instrument(plan).questionnaire(forms=asked.get("forms"), **options, **_dont_know(asked))
        if asked.get("intercept") and done.intercepts is not None:
            form = _asking_the_block(form, done.intercepts)
        if asked.get("questions"):
            form = _asking_more(form, asked["questions"])
        found = replace(done, questionnaire=_shown(form, asked, done.language))
        return replace(found, expectation_questionnaire=_elsewhere(found))


def _dont_know(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The code for "don't know", where one is given; false offers none."""
    if "dont_know" not in asked:
        return {}
    return {"dont_know": None if asked["dont_know"] is False else asked["dont_know"]}


def _shown(form: Questionnaire, asked: Mapping[str, Any], language: Language) -> Questionnaire:
    """The form in the languages that are wanted."""
    if "languages" in asked:
        form = replace(form, languages=asked["languages"], language="")
    return form.in_language(language if language in form.languages else form.languages[0])


def _asking_more(form: Questionnaire, questions: Any) -> Questionnaire:
    """The form with further questions, before its ending."""
    from survey_design.questionnaire import Section

    place = len(form.sections) - (1 if form.disposition else 0)
    further = Section("further", {"en": "Further questions", "zh": "其他问题"}, questions,
                      relevant=form.sections[place - 1].relevant)  # fmt: skip
    return replace(form, sections=(*form.sections[:place], further, *form.sections[place:]))


def _elsewhere(done: PlanResults) -> Questionnaire | None:
    """The form of those who are asked elsewhere what they expect; None where nobody is, or no form asks it."""
    asked = done.plan.sections["forms"]
    kinds = {form.name for form in _instrument(done.plan).forms}
    already = "expectation" in asked.get("forms", kinds)
    if done.expectations is None or already or "expectation" not in kinds:
        return None
    importance = {"importance": asked["importance"]} if "importance" in asked else {}
    form = _instrument(done.plan).questionnaire(forms=("expectation",), **importance, **_dont_know(asked))
    return _shown(form, asked, done.language)


def _asking_the_block(form: Questionnaire, timetable: InterceptPlan) -> Questionnaire:
    """The form with the block of the tally sheet after the store: the weights find their interviews by it."""
    from survey_design.intercepts.plan import WEEKDAYS
    from survey_design.questionnaire import Choice, Question

    contact = form.sections[0]
    listed = next(question for question in contact.questions if question.name == "store").kind == "single"
    rows = timetable.frame[["block", "store", "day", "weekday", "start", "end"]].itertuples(index=False)
    choices = tuple(
        Choice(block, {code: f"{store}, {day} {say(WEEKDAYS[weekday], code)} {start}–{end}" for code in ("en", "zh")},
               within=str(store) if listed else None)
        for block, store, day, weekday, start, end in rows
    )  # fmt: skip
    block = Question("block", "single", _BLOCK, choices=choices, required=True, hint=_AS_ON_THE_SHEET,
                     filter_by="store" if listed else "")  # fmt: skip
    after = [question.name for question in contact.questions].index("store") + 1
    questions = (*contact.questions[:after], block, *contact.questions[after:])
    return replace(form, sections=(replace(contact, questions=questions), *form.sections[1:]))


def _instrument(plan: StudyPlan) -> Any:
    if plan.instrument is None:
        raise SpecError("no instrument is named.")
    return plan.instrument


# --- at what cost ------------------------------------------------------------------------------------------


def _costs(done: PlanResults) -> CostPlan | None:
    """None where no price is given, or nothing that has one is planned."""
    numbers: dict[str, int] = {}
    if done.stores is not None:
        numbers["store"] = len(done.stores.frame)
    elif done.intercepts is not None:
        numbers["store"] = len(done.intercepts.stores)
    if done.interviews is not None:
        numbers["interview"] = done.interviews if done.intercepts is None else _expected(done.intercepts)
    if done.expectations is not None:
        numbers["expectation"] = done.expectations
    if done.focus_groups is not None:
        groups = done.focus_groups
        numbers |= {"city": groups.frame["city"].nunique(), "session": len(groups.frame)}
        numbers |= dict.fromkeys(("incentive", "recruiting"), groups.invited)
    if not (done.plan.costs and numbers):
        return None
    return cost_plan(done.plan.costs, numbers, dict(done.plan.budget)).in_language(done.language)


def _expected(timetable: InterceptPlan) -> int:
    """Interviews that the drawn blocks can be expected to give: these are paid for."""
    return round(float(timetable.frame["interviews"].sum()))


_PARTS: Mapping[str, tuple[str, Callable[[PlanResults], PlanResults]]] = {
    "size": ("working out sample sizes", _sized),
    "regions": ("choosing regions", _regions),
    "stores": ("drawing stores", _stores),
    "intercepts": ("making the timetable", _intercepts),
    "focus_groups": ("planning focus groups", _focus_groups),
    "forms": ("putting the form together", _forms),
}
