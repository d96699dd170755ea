"""What does the plan say on one page? In short, then part by part, and what was not planned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.planning.planned import LEAST, PlanResults, at_the_door
from servqual.report import Entries, Entry, Heading, Lines, Paragraph, Picture, Report, Table
from servqual.report.listings import files
from servqual.settings import NAME
from survey_design.results import Result, Text, Variable, say

if TYPE_CHECKING:
    from survey_design.focus_groups import FocusGroupPlan

_ROWS = 40
FOLDER = "plan"
_WORDS: Mapping[str, Text] = {
    "subtitle": {"en": "Plan of the study", "zh": "研究计划"},
    "in short": {"en": "In short", "zh": "要点"},
    "how many": {"en": "How many", "zh": "样本量"},
    "whom": {"en": "Whom and where", "zh": "调查对象与地点"},
    "when": {"en": "When", "zh": "时间安排"},
    "groups": {"en": "Focus groups", "zh": "客户座谈会"},
    "forms": {"en": "Forms", "zh": "问卷与表格"},
    "costs": {"en": "Costs", "zh": "费用"},
    "analysis": {"en": "From the plan to the analysis", "zh": "从计划到分析"},
    "not planned": {"en": "Not planned", "zh": "未列入计划"},
    "provenance": {"en": "How this was made", "zh": "生成方式"},
    "sizes why": {
        "en": "Each ledger goes from a simple random sample to the people to approach, one step after the other. The plan is "
        "as good as the spread and the likeness within stores that it assumes: take them from a pilot or an earlier wave.",
        "zh": "下列各表从简单随机样本出发，逐步推算到需接触的人数。计划是否可靠，取决于所假定的标准差和店内相似度：应取自预调查或以往的调查。",
    },
    "not enough": {
        "en": "Only {n} interviews are planned in stores, while the most demanding size asks for {needed}: its margin or power "
        "will not be reached.",
        "zh": "计划在门店完成的访问只有 {n} 份，而要求最高的一项需要 {needed} 份：达不到其误差或功效要求。",
    },
    "stores how": {
        "en": "Stores were drawn at random with known chances (seed {seed}). The weight of a store is one over its chance.",
        "zh": "门店按已知概率随机抽取（种子 {seed}）。门店权数为入样概率的倒数。",
    },
    "quotas": {"en": "Interviews per store follow its traffic, with a floor.", "zh": "各店访问数按客流量分配，并设下限。"},
    "few": {
        "en": "In the blocks that were drawn, fewer than {least} interviews are to be expected at {named}. Raise "
        "blocks_per_store, or join these stores to others when single stores are reported.",
        "zh": "按抽中的时段，以下门店预计不足 {least} 份：{named}。可增加 blocks_per_store，或在逐店报告时与其他门店合并。",
    },
    "groups how": {
        "en": "Sessions, people to recruit and the discussion guide lie in {folder}: discussion_guide_en.docx, _zh, _both.",
        "zh": "场次、招募配额和讨论提纲见文件夹 {folder}：discussion_guide_en.docx、_zh、_both。",
    },
    "forms how": {
        "en": "The form has {questions} question{s} and leaves {columns} columns. form.xlsx runs in KoboToolbox and ODK; "
        "questionnaire_….docx is for paper; codebook.csv says what every column will hold. They lie in the folder {folder}.",
        "zh": "问卷共 {questions} 题，数据为 {columns} 列。form.xlsx 可在 KoboToolbox 和 ODK 上使用；questionnaire_….docx 供打印；"
        "codebook.csv 说明每一列的内容。文件均在 {folder} 文件夹中。",
    },
    "analysis how": {
        "en": "The answers are analysed with the design below. The command servqual weigh, or planned.weigh(filled) of "
        "servqual.planning, adds its columns to the answers, by {key}; then paste these lines (they are in {folder}/design.toml) "
        "under the table of {name} that names the file. Column names are typed nowhere else.",
        "zh": "分析时采用下面的抽样设计。命令 servqual weigh，或 servqual.planning 的 planned.weigh(filled)，会按 {key} 把所需各列并入答卷；"
        "再把这几行（见 {folder}/design.toml）贴到 {name} 中指明数据文件的表下。列名无需在别处再次输入。",
    },
    "paste": {"en": "Lines for {name}", "zh": "可贴入 {name} 的内容"},
    "all planned": {"en": "Nothing was left out.", "zh": "各部分均已列入计划。"},
    "not planned how": {"en": "These parts were not asked for in [plan].", "zh": "[plan] 中没有要求以下部分。"},
    "settings": {"en": "Settings", "zh": "设置"},
    "versions": {"en": "Versions", "zh": "版本"},
    "seed": {"en": "Seed", "zh": "随机种子"},
    "repeat": {"en": "To repeat it", "zh": "重新生成"},
    "provenance how": {
        "en": "The same files, settings and seed give the same plan, byte for byte.",
        "zh": "同样的文件、设置和种子，得到逐字节相同的计划。",
    },
    "short size": {"en": "How many: {said}", "zh": "多少：{said}"},
    "short whom": {"en": "Whom: {said}", "zh": "对象：{said}"},
    "short where": {"en": "Where: {said}", "zh": "地点：{said}"},
    "short when": {"en": "When: {said}", "zh": "时间：{said}"},
    "short groups": {"en": "Focus groups: {said}", "zh": "座谈会：{said}"},
    "short cost": {"en": "At what cost: {said}", "zh": "费用：{said}"},
    "n interviews": {"en": "{n} interview{s} in stores.", "zh": "在门店完成 {n} 份访问。"},
    "n needed": {"en": "The most demanding size asks for {needed}.", "zh": "要求最高的一项需要 {needed} 份。"},
    "n expectations": {"en": "Besides, {n} interview{s} with other people about what they expect: the gap asks for "
                             "{n} + {door} (expectation + perception).",
                       "zh": "另对其他客户做 {n} 份预期调查：差距所需为 {n} + {door} 份（预期 + 感知）。"},
    "gap deff": {
        "en": "Expectations are asked of other people, who are not met in stores: the stores' design effect counts for the "
        "perceptions alone, which makes {deff:.2f} for the gap. If they too are asked in stores, write expectation_in_stores = "
        "true under [plan.size.gap].",
        "zh": "预期由另一批不在门店接受访问的客户回答：门店的设计效应只作用于感知部分，差距的设计效应因此为 {deff:.2f}。若预期也在门店调查，"
        "请在 [plan.size.gap] 下写 expectation_in_stores = true。",
    },
    "falls short": {
        "en": "As drawn, the plan does not reach what was asked for. {said} Draw more stores, interview more evenly in each, or "
        "more altogether.",
        "zh": "按实际抽样与配额，本计划达不到所要求的精度。{said}可增加门店、使各店访问数更均匀，或增加访问总数。",
    },
    "expectation form": {
        "en": "Who is asked elsewhere what to expect gets a form of their own, with {questions} questions: expectation_form.xlsx, "
        "expectation_questionnaire_….docx and expectation_codebook.csv.",
        "zh": "在门店之外调查预期的客户另有一份问卷，共 {questions} 题：expectation_form.xlsx、expectation_questionnaire_….docx 和 "
        "expectation_codebook.csv。",
    },    "sections": {"en": "{label} ({n})", "zh": "{label}（{n} 题）"},
    "whom said": {"en": "customers leaving the stores, in {stores} store{s}{strata}.", "zh": "{stores} 家门店的离店客户{strata}。"},
    "of strata": {"en": ", drawn within {strata} ({by})", "zh": "（在 {k} 个层内抽取，分层变量：{by}）"},
    "where said": {"en": "{drawn} of {listed} store{s} drawn; list: {file}.", "zh": "从 {listed} 家门店中抽取 {drawn} 家，名单见 {file}。"},
    "where met": {"en": "{stores} store{s} of the footfall; list: {file}.", "zh": "客流量表中的 {stores} 家门店，名单见 {file}。"},
    "lonely": {
        "en": "Only one store was drawn in: {named}. Its error can't be estimated from within the stratum, and is borrowed from "
        "the others: draw at least two, or join it to another stratum.",
        "zh": "以下层只抽中一家门店：{named}。层内误差无法估计，只能借用其他层：每层至少抽两家，或与其他层合并。",
    },
    "nothing": {"en": "not planned: needs {needs}.", "zh": "未列入计划：需要 {needs}。"},
}  # fmt: skip
LACKING: Mapping[str, tuple[Text, Text]] = {
    "size": ({"en": "Sample sizes", "zh": "样本量"},
             {"en": "needs [plan.size] and under it [plan.size.gap], .share, .mean, .comparison or .stores",
              "zh": "需要 [plan.size] 及其下的 [plan.size.gap]、.share、.mean、.comparison 或 .stores"}),
    "regions": ({"en": "Choice of regions", "zh": "样本片区的选择"},
                {"en": "needs [plan.regions] with file, criteria and n", "zh": "需要 [plan.regions] 及 file、criteria 和 n"}),
    "stores": ({"en": "Drawing of stores", "zh": "门店抽样"},
               {"en": "needs [plan.stores] with file and n", "zh": "需要 [plan.stores] 及 file 和 n"}),
    "intercepts": ({"en": "Timetable of exit interviews", "zh": "出口拦截访问的排班"},
                   {"en": "needs [plan.intercepts] with file (footfall by hour) and interviewers",
                    "zh": "需要 [plan.intercepts] 及 file（分时段客流量）和 interviewers"}),
    "focus_groups": ({"en": "Focus groups", "zh": "客户座谈会"},
                     {"en": "needs [plan.focus_groups] with cities", "zh": "需要 [plan.focus_groups] 及 cities"}),
    "forms": ({"en": "Forms", "zh": "问卷与表格"},
              {"en": "needs [plan.forms] and an instrument", "zh": "需要 [plan.forms] 和量表 instrument"}),
    "expectation_form": ({"en": "Form for those asked elsewhere what they expect", "zh": "门店之外的预期调查问卷"},
                         {"en": "needs [plan.forms] with an instrument that asks expectations, such as servqual-22",
                          "zh": "需要 [plan.forms] 以及含预期部分的量表，如 servqual-22"}),
    "costs": ({"en": "Costs", "zh": "费用"},
              {"en": "needs [plan.costs] with prices, and something to be paid for",
               "zh": "需要 [plan.costs] 中的单价，以及要付费的项目"}),
}  # fmt: skip


def plan_report(done: PlanResults) -> Report:
    """The plan as a report, in the language of the results."""
    page = _Page(done)
    title = say(done.plan.title, done.language)
    report = Report(title, done.language, page.say("subtitle"), folder=FOLDER)
    for key, write in _SECTIONS.items():
        blocks = list(write(page))
        if blocks:
            report = report.with_section(page.say(key), *blocks)
    return report


def in_short(done: PlanResults) -> list[str]:
    """How many, whom, where, when, at what cost; what is not planned is said."""
    page = _Page(done)
    return [page.say(key, said=said(page)) for key, said in _SHORT.items()]


@dataclass(frozen=True)
class _Page:
    """The results, and the words around them."""

    done: PlanResults

    def say(self, key: str, /, **values: Any) -> str:
        return say(_WORDS[key], self.done.language).format(**values)

    def joined(self, *sentences: str) -> str:
        return ("" if self.done.language == "zh" else " ").join(filter(None, sentences))

    def lacks(self, part: str) -> str:
        """That a part is not planned, and what it needs."""
        needs = say(LACKING[part][1], self.done.language).removeprefix("needs ").removeprefix("需要 ")
        return self.say("nothing", needs=needs)

    def table(self, result: Result, computed_by: str, name: str, rows: int | None = None) -> Table:
        return Table(self.shown(result), computed_by, name, rows)

    def shown(self, result: Any) -> Any:
        """A result in the plan's language, with columns and codes as [variables] calls them."""
        return result.in_language(self.done.language).with_labels({**result.called, **self.done.labels})

    def words(self, name: str, values: Any) -> str:
        """Codes of a column by their names, one after the other."""
        called = self.done.labels.get(name, Variable()).values
        told = {str(code): text for code, text in called.items()}
        return self.listed(say(told.get(str(value), str(value)), self.done.language) for value in values)

    def listed(self, words: Iterable[str]) -> str:
        return ("、" if self.done.language == "zh" else ", ").join(words)

    def picture(self, result: Any, computed_by: str) -> Picture:
        """The picture a result draws of itself; its sentence stands for it where it can't be seen."""
        shown = self.shown(result)

        def draw() -> Any:
            from survey_design.plots.sheet import new_axes

            return shown.plot(new_axes())

        return Picture(draw, shown.sentence() if hasattr(shown, "sentence") else shown.title(), computed_by)


# --- in short ----------------------------------------------------------------------------------------------


def _how_many(page: _Page) -> str:
    done = page.done
    if done.interviews is None:
        return page.lacks("size")
    needed = "" if done.needed is None else page.say("n needed", needed=f"{done.needed:,}")
    interviews = page.say("n interviews", n=f"{done.interviews:,}", s="s" * (done.interviews != 1))
    return page.joined(interviews, needed, _others(page))


def _others(page: _Page) -> str:
    """Interviews with other people about what they expect, beside the perceptions that the gap asks for."""
    n, gap = page.done.expectations, page.done.sizes.get("gap")
    if n is None or gap is None:
        return ""
    return page.say("n expectations", n=f"{n:,}", s="s" * (n != 1), door=f"{at_the_door(gap):,}")


def _whom(page: _Page) -> str:
    done = page.done
    if done.stores is None and done.intercepts is None:
        return page.lacks("stores")
    stores = done.stores.frame if done.stores is not None else done.intercepts.stores  # type: ignore[union-attr]
    by = done.plan.sections.get("stores", {}).get("strata")
    strata = "" if by is None or done.stores is None else _within(page, len(done.stores.strata), by)
    return page.say("whom said", stores=len(stores), s="s" * (len(stores) != 1), strata=strata)


def _within(page: _Page, k: int, by: str) -> str:
    """The strata that stores were drawn in."""
    named = say(page.done.labels.get(by, Variable()).label, page.done.language) or by
    return page.say("of strata", k=k, strata="1 stratum" if k == 1 else f"{k} strata", by=named)


def _where(page: _Page) -> str:
    sample, timetable = page.done.stores, page.done.intercepts
    if sample is None and timetable is not None:
        return page.say(
            "where met", stores=len(timetable.stores), s="s" * (len(timetable.stores) != 1), file=f"{FOLDER}/quotas.csv"
        )
    if sample is None:
        return page.lacks("stores")
    listed = int(sample.strata["population"].sum())
    return page.say(
        "where said", drawn=len(sample.frame), listed=listed, s="s" * (listed != 1), file=f"{FOLDER}/stores_drawn.csv"
    )


def _when(page: _Page) -> str:
    return page.lacks("intercepts") if page.done.intercepts is None else page.done.intercepts.sentence()


def _sessions(page: _Page) -> str:
    return page.lacks("focus_groups") if page.done.focus_groups is None else page.done.focus_groups.sentence()


def _cost(page: _Page) -> str:
    return page.lacks("costs") if page.done.costs is None else page.done.costs.sentence()


_SHORT: Mapping[str, Callable[[_Page], str]] = {
    "short size": _how_many,
    "short whom": _whom,
    "short where": _where,
    "short when": _when,
    "short groups": _sessions,
    "short cost": _cost,
}


def _in_short(page: _Page) -> Iterator[Any]:
    yield in_short(page.done)
    yield from (Paragraph(warning, "caution") for warning in warnings(page.done))


def warnings(done: PlanResults) -> list[str]:
    """That the interviews that are planned, or the way they are shared out, do not reach what the sizes ask for."""
    page, said = _Page(done), []
    if done.interviews is not None and done.needed is not None and done.interviews < done.needed:
        said.append(page.say("not enough", n=f"{done.interviews:,}", needed=f"{done.needed:,}"))
    if done.reached is not None and done.reached.missed:
        said.append(page.say("falls short", said=done.reached.sentence()))
    return said


# --- part by part ------------------------------------------------------------------------------------------

_VERBS = {"gap": "size_for_gap", "mean": "size_for_mean", "share": "size_for_proportion",
          "comparison": "size_for_comparison"}  # fmt: skip


def _size(page: _Page) -> Iterator[Any]:
    if page.done.sizes:
        yield page.say("sizes why")
    for name, size in page.done.sizes.items():
        verb = f"survey_design.size.{_VERBS[name]}"
        yield size.sentence()
        if name == "gap" and page.done.expectations is not None and size.deff != 1:
            yield from _deff_of_the_gap(page, size.deff)
        yield page.picture(size, verb)
        yield page.table(size, verb, f"size_{name}")
    if page.done.stages is not None:
        verb = "survey_design.size.size_for_stores_and_customers"
        yield page.done.stages.sentence()
        yield page.picture(page.done.stages, verb)
        yield page.table(page.done.stages, verb, "stores_and_customers")
    if page.done.reached is not None:
        yield page.done.reached.sentence()
        yield page.table(page.done.reached, "servqual.planning.reached.reached", "reached")


def _deff_of_the_gap(page: _Page, deff: float) -> Iterator[str]:
    """Why the design effect of a gap is less than that of the stores."""
    if page.done.plan.gap_is_mixed:
        yield page.say("gap deff", deff=deff)


def _stores(page: _Page) -> Iterator[Any]:
    yield from _chosen_regions(page)
    done = page.done
    if done.stores is None:
        return
    yield page.joined(page.shown(done.stores).sentence(), page.say("stores how", seed=done.plan.seed))
    if done.allocation is not None:
        verb = "survey_design.sampling.allocation.allocate"
        yield page.picture(done.allocation, verb)
        yield page.table(done.allocation, verb, "allocation")
    yield from _lonely(page, done.stores.strata)
    if done.coverage is not None:
        if done.coverage.missed():
            yield Paragraph(page.shown(done.coverage).note(), "caution")
        yield page.table(done.coverage, "servqual.planning.coverage.coverage", "coverage")
    yield page.table(done.stores, "survey_design.sampling.selection.draw", "stores_drawn")
    if done.quotas is not None:
        yield page.say("quotas")
        yield page.table(done.quotas, "survey_design.sampling.allocation.allocate", "quotas", _ROWS)


def _lonely(page: _Page, strata: pd.DataFrame) -> Iterator[Paragraph]:
    """Strata of several stores of which one was drawn."""
    alone = strata.loc[(strata["n"] == 1) & (strata["population"] > 1), "stratum"].astype(str)
    if len(alone):
        by = page.done.plan.sections["stores"].get("strata", "")
        yield Paragraph(page.say("lonely", named=page.words(by, alone)), "caution")


def _chosen_regions(page: _Page) -> Iterator[Any]:
    regions = page.done.regions
    if regions is None:
        return
    verb = "survey_design.sampling.regions.choose_regions"
    yield regions.sentence()
    yield page.picture(regions, verb)
    yield page.table(regions, verb, "regions")
    yield page.table(regions.balance(), verb, "regions_balance")


def _timetable(page: _Page) -> Iterator[Any]:
    plan = page.done.intercepts
    if plan is None:
        return
    verb = "survey_design.intercepts.plan_intercepts"
    yield plan.sentence()
    yield from _few_interviews(page, plan.stores)
    yield page.picture(plan, verb)
    yield page.table(plan.timetable(), verb, "timetable", _ROWS)
    yield page.table(plan.by_store(), verb, "quotas", _ROWS)
    yield page.table(plan, verb, "blocks", 10)
    tally = page.table(page.done.tally, "survey_design.intercepts.tally_sheet", "tally_sheets")  # type: ignore[arg-type]
    yield replace(tally, on_page=False)


def _few_interviews(page: _Page, stores: pd.DataFrame) -> Iterator[Paragraph]:
    """Stores at which the drawn blocks can be expected to give fewer interviews than the floor."""
    sections = page.done.plan.sections
    least = int(sections["intercepts"].get("minimum", sections.get("stores", {}).get("per_store", LEAST)))
    few = stores.loc[stores["interviews"] < least, "store"].astype(str)
    if len(few):
        yield Paragraph(page.say("few", least=least, named=page.words("store", few)), "caution")


def _groups(page: _Page) -> Iterator[Any]:
    plan, guide = page.done.focus_groups, page.done.guide
    if plan is None or guide is None:
        return
    verb = "survey_design.focus_groups.plan_focus_groups"
    yield page.joined(plan.sentence(), page.say("groups how", folder=FOLDER))
    yield page.picture(cities_named(plan, page.done.labels["city"], page.done.language), verb)
    yield page.table(plan, verb, "sessions")
    yield page.table(plan.trade_off(), verb, "sessions_trade_off", 20)
    people = plan.participants(page.done.plan.sections["focus_groups"].get("quotas"))
    if people.variables:
        yield page.table(people.quota(), verb, "recruitment", _ROWS)
    yield page.table(people, verb, "participants", 12)
    yield page.table(guide, "survey_design.focus_groups.discussion_guide", "guide")


def cities_named(plan: FocusGroupPlan, cities: Variable, language: str) -> FocusGroupPlan:
    """The sessions with cities as they are called in one language or, on a sheet in both, in both."""
    tongues = ("zh", "en") if language == "both" else (language,)
    named = {
        city: " / ".join(dict.fromkeys(say(cities.values.get(city, city), each) for each in tongues))
        for city in plan.cities
    }
    frame = plan.frame.assign(city=plan.frame["city"].map(named))
    return replace(plan, frame=frame, cities=tuple(named.values()))


def _forms(page: _Page) -> Iterator[Any]:
    form = page.done.questionnaire
    if form is None:
        return
    from survey_design.forms import codebook

    n = len(form.questions)
    yield page.say("forms how", questions=n, s="s" * (n != 1), columns=len(form.columns), folder=FOLDER)
    labels = [(say(section.label, page.done.language), len(section.questions)) for section in form.sections]
    yield [page.say("sections", label=label, n=n) for label, n in labels]
    variables = page.table(codebook(form), "survey_design.forms.codebook", "codebook")
    yield replace(variables, on_page=False)
    other = page.done.expectation_questionnaire
    if other is not None:
        yield page.say("expectation form", questions=len(other.questions))
        variables = page.table(codebook(other), "survey_design.forms.codebook", "expectation_codebook")
        yield replace(variables, on_page=False)


def _costs(page: _Page) -> Iterator[Any]:
    if page.done.costs is not None:
        over = [part for part in page.done.costs.budget or {} if page.done.costs.over(part) > 0]
        yield Paragraph(page.done.costs.sentence(), "caution" if over else "")
        yield page.table(page.done.costs, "servqual.planning.costs.cost_plan", "costs")


def _analysis(page: _Page) -> Iterator[Any]:
    done = page.done
    if done.design is None:
        return
    key = "block" if done.intercepts is not None else done.plan.sections["stores"].get("store", "store")
    yield done.design.sentence(done.language)
    yield page.say("analysis how", key=key, folder=FOLDER, name=NAME)
    lines = [line for line in done.design_toml().splitlines() if line and not line.startswith("#")]
    yield Heading(page.say("paste", name=NAME))
    yield Lines("\n".join(lines))


def _not_planned(page: _Page) -> Iterator[Any]:
    done = page.done
    formless = done.expectations is not None and not done.asks_expectations
    lacking = [*done.plan.lacking(), *["expectation_form"] * formless, *["costs"] * (done.costs is None)]
    if not lacking:
        yield page.say("all planned")
        return
    yield page.say("not planned how")
    entries = [Entry(*(say(text, page.done.language) for text in LACKING[part])) for part in lacking]
    yield Entries(tuple(entries))


def _provenance(page: _Page) -> Iterator[Any]:
    plan, language = page.done.plan, page.done.language
    yield page.say("provenance how")
    if page.done.sources:
        yield page.table(files(page.done.sources, language), "survey_design.files.table.read_table", "files")
    glue = "；" if language == "zh" else "; "
    versions = ", ".join(f"{name} {_version(name)}" for name in ("servqual", "numpy", "pandas", "scipy"))
    yield Entries((
        Entry(page.say("settings"), glue.join(f"{name} = {value}" for name, value in plan.settings().items())),
        Entry(page.say("versions"), versions),
        Entry(page.say("seed"), str(plan.seed)),
        Entry(page.say("repeat"), "", f"servqual plan {plan.file} --language {language}"),
    ))  # fmt: skip


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "–"


_SECTIONS: Mapping[str, Callable[[_Page], Iterator[Any]]] = {
    "in short": _in_short,
    "how many": _size,
    "whom": _stores,
    "when": _timetable,
    "groups": _groups,
    "forms": _forms,
    "costs": _costs,
    "analysis": _analysis,
    "not planned": _not_planned,
    "provenance": _provenance,
}
