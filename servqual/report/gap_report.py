"""The gap report: from what was asked to what was found, and how sure one may be of it.

One function per section, in the order in which a reader asks; a section that has nothing to say is left out. Numbers
come from results; here they are only chosen and put in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from servqual.report.angles import angles, inside_outside
from servqual.report.causes import (
    cause_methods,
    complaints,
    five_gaps,
    measured_causes,
    sources_agree,
    staff,
)
from servqual.report.cautions import language_remark
from servqual.report.decisions import act, brings_back, decision_methods, improve_first, moves_satisfaction
from servqual.report.document import Entries, Entry, Heading, Paragraph, Report, Table
from servqual.report.findings import is_tested
from servqual.report.groups import gap_picture, groups, stores
from servqual.report.in_short import in_short
from servqual.report.listening import heard, listening_methods
from servqual.report.listings import brief, files, joint_tests, mean_points
from servqual.report.methods import column_entries, method_entries
from servqual.report.outcomes import outcome_methods, outcomes
from servqual.report.parts import READ, SCORE, Parts, Provenance
from servqual.report.performance import performance, performance_groups
from servqual.report.returned import asked, came_back
from servqual.report.rivals import rivals
from servqual.report.shoppers import shoppers, told_once, visit_methods, visited_stores
from servqual.report.small_cells import base_of
from servqual.report.soundness import soundness, soundness_methods, with_verdict
from servqual.report.visits_trusted import visits_trusted
from servqual.report.voices import experts, told_us, voice_methods
from servqual.report.words import not_measured, word
from servqual.report.zone import zone
from servqual.responses import Responses
from survey_design.results import Language, Result, Text, say

if TYPE_CHECKING:
    from servqual.causes import CauseResults
    from servqual.comparability import Comparability
    from servqual.comparison import Comparison
    from servqual.decisions import DecisionResults
    from servqual.gaps import GapScores, GapTable, PerformanceScores
    from servqual.inspections import InspectionResults
    from servqual.measures import Missing
    from servqual.stores import StoreEstimates
    from servqual.tolerance import ToleranceScores
    from servqual.validity import Validity
    from servqual.voices import VoiceResults

_PACKAGES = ("servqual", "numpy", "pandas", "scipy")


def gap_report(
    study_title: str,
    responses: Responses,
    gaps: Sequence[GapScores],
    comparisons: Sequence[Comparison] = (),
    language: Language = "en",
    provenance: Provenance | None = None,
    *,
    zones: Sequence[ToleranceScores] = (),
    stores: StoreEstimates | None = None,
    minimum_base: int = 5,
    performance: Sequence[PerformanceScores] = (),
    missing: Missing | None = None,
    validity: Validity | None = None,
    untested: Text | None = None,
    comparability: Mapping[str, Comparability] | None = None,
    inspection: InspectionResults | None = None,
    voices: VoiceResults | None = None,
    causes: CauseResults | None = None,
    decisions: DecisionResults | None = None,
) -> Report:
    """What customers expected, what they got, and how far the difference can be trusted.

    Parameters
    ----------
    study_title : str
    responses : what came back
    gaps : the scores of everybody first, then one per split; none where ``zones`` or ``performance`` are all there is
    comparisons : differences between groups, one per split that has any
    language : {"en", "zh"}
    provenance : files, settings and command; read from the responses if left out
    zones : zones of tolerance of everybody first, then one per split
    stores : estimates of single stores
    minimum_base : smallest base that is shown; groups under it are left out of tables, pictures and sentences, with
        those from which they could be worked out (:mod:`servqual.disclosure`); 0 shows everything
    performance : perceptions of everybody first, then one per split, where nothing else was asked
    missing : the rule they were scored by
    validity : whether the dimensions may be reported, told in a section and under every table of dimensions
    untested : why that could not be tested, where it could not
    comparability : split column -> whether its groups may be compared
    inspection : what mystery shoppers found in the same stores, told in sections of its own
    voices : what people said, in focus groups and as experts
    causes : where quality is lost, what staff see, what is complained of, whether the sources agree
    decisions : what moves satisfaction

    Returns
    -------
    Report
        Findings come first; every table names the function that computed it.

    Examples
    --------
    >>> from servqual.study import load_study
    >>> results = load_study("data/sample").results()
    >>> [section.title for section in results.report().sections][:4]
    ['In short', 'What was asked, and of whom', 'What came back', 'What customers told us']
    """
    parts = Parts.of(
        responses, gaps, comparisons, zones, stores, minimum_base, language, provenance, performance, missing,
        validity=validity, untested=untested, comparability=comparability, inspection=inspection,
        voices=voices, causes=causes, decisions=decisions,
    )  # fmt: skip
    subtitle = word("subtitle" if gaps else "zone subtitle" if zones else "performance subtitle", language)
    report = Report(study_title, language, subtitle)
    for title, write in _SECTIONS.items():
        content = [_shown(block, parts) if isinstance(block, Table) else block for block in write(parts)]
        if content:
            report = report.with_section(word(title, language), *content)
    return report


def _shown(block: Table, parts: Parts) -> Table:
    """A table as the report shows it: what many would repeat told once, and the verdict on its dimensions below."""
    return with_verdict(replace(block, result=brief(told_once(block.result, block.name, parts))), parts)


# --- gaps --------------------------------------------------------------------------------------------------


def _gaps(parts: Parts) -> Iterator[Any]:
    if not parts.gaps:
        return
    overall = parts.overall
    if (overall.dimensions.frame["reason"] == "suppressed").all():
        yield parts.say("all left out", minimum=parts.small.minimum)
    elif is_tested(overall.dimensions.frame).any() or not parts.reasons:
        yield parts.say("gaps how", percent=parts.percent)
    else:
        yield parts.say("no gap interval", reasons=parts.reasons)
    yield from parts.warned(("", overall.dimensions))
    yield from _drawn(parts, overall.dimensions)
    yield Table(overall.dimensions, SCORE, "dimensions")
    yield from _mean_points(parts)
    yield parts.say("total how")
    yield Table(overall.total, SCORE, "total")
    yield Table(
        joint_tests(overall, parts.language, parts.small.joint(overall)), "servqual.inference.hotelling", "joint_test"
    )


def _mean_points(parts: Parts) -> Iterator[Any]:
    """What respondents' 100 points say counts, where they gave any."""
    points = parts.overall.basis.points
    if points is not None and points.n >= max(parts.small.minimum, 1):
        yield parts.say("points how", n=points.n, n_dropped=points.n_dropped)
        yield Table(mean_points(points, parts.responses, parts.language), SCORE, "importance")


def _items(parts: Parts) -> Iterator[Any]:
    if not parts.gaps:
        return
    items = parts.overall.items
    yield parts.say("items how")
    few = int((items.frame["reason"] == "suppressed").sum())
    if few:
        yield parts.say("items left out", n=few, minimum=parts.small.minimum)
    yield from _drawn(parts, items)
    yield Table(items, SCORE, "items")


def _drawn(parts: Parts, table: GapTable) -> Iterator[Any]:
    shown = parts.drawn(table)
    if len(shown.frame):
        yield gap_picture(parts, shown)


def _groups(parts: Parts) -> Iterator[Any]:
    yield from groups(parts)
    yield from performance_groups(parts)


# --- trust -------------------------------------------------------------------------------------------------


def _trust(parts: Parts) -> Iterator[Any]:
    from servqual.gaps import score_performance

    if not parts.gaps:
        return
    overall, responses = parts.overall, parts.responses
    yield parts.say("trust how")
    yield [say(warning, parts.language) for warning in overall.warnings] or parts.say("no warnings")
    if responses.pairing == "independent":
        yield parts.say("two samples")
    yield Table(_filled(overall.diagnostics), "servqual.difference_scores.diagnose_differences", "diagnostics")
    yield Table(_filled(overall.effects), "servqual.difference_scores.effect_sizes", "effects")
    yield parts.say("performance how")
    rule = overall.basis.missing
    performance = score_performance(
        responses, missing=rule.rule, minimum=rule.minimum, level=overall.level, interval=overall.interval
    )
    yield Table(_performance(parts, performance), "servqual.gaps.score_performance", "performance")


def _performance(parts: Parts, table: PerformanceScores) -> PerformanceScores:
    """The perceptions, rows under the minimum blanked; the note speaks of these rows."""
    tables = (table, table.items, table.total)
    if not any(parts.small.is_few(each.frame).any() for each in tables):
        return table
    shown = parts.small.few(table, ["dimension"])
    base = base_of([shown.frame], parts.responses, parts.overall.basis.missing)
    return replace(shown, remarks=(base, *shown.remarks[1:]))


def _filled(result: Result) -> Result:
    """The result without columns in which nothing could be computed."""
    return replace(result, frame=result.frame.dropna(axis="columns", how="all"))


def _totals(parts: Parts) -> set[str]:
    """The kinds of total that the report has."""
    totals = [scores.total.frame["total"] for scores in parts.gaps]
    totals += [scores.total.frame["total"] for scores in parts.performance]
    return set(totals[0]) if totals else set()


def _not_measured(parts: Parts) -> Iterator[Any]:
    known = set()
    if "weighted" in _totals(parts):
        known.add("importance")
    instrument, frame = parts.responses.instrument, parts.responses.frame
    if parts.validity is not None:
        known.add("structure")
    if parts.inspection is not None:
        known |= {"mystery"} | ({"competitors"} if parts.inspection.competitors is not None else set())
    if parts.voices is not None and parts.voices.statements is not None:
        known.add("focus")
    if parts.voices is not None and parts.voices.experts is not None:
        known.add("experts")
    if parts.decisions is not None and parts.decisions.drivers is not None:
        known.add("drivers")
    if any(outcome.column in frame.columns for outcome in instrument.outcomes):
        known.add("outcomes")
    known |= measured_causes(parts)
    yield parts.say("not measured how")
    lacking = [thing for key, thing in not_measured().items() if key not in known]
    entries = [Entry(say(thing["name"], parts.language), say(thing["needs"], parts.language)) for thing in lacking]
    yield Entries(tuple(entries))


# --- method and provenance ---------------------------------------------------------------------------------


def _method(parts: Parts) -> Iterator[Any]:
    yield Entries(method_entries(_methods(parts), parts.language))
    if parts.gaps:
        yield Heading(parts.say("column functions"))
        yield Entries(column_entries(type(parts.interval), parts.language))


def _methods(parts: Parts) -> set[str]:
    """The entries of methods.toml that this report has used."""
    used = {parts.adjust, type(parts.interval).__name__, "answers", "careless"}
    used |= {comparison.adjust for comparison in parts.comparisons}
    used |= {"small cells"} if parts.small.minimum else set()
    used |= {"personal data"} if any(side.personal_data is not None for side in parts.responses.sides) else set()
    used |= {"performance"} if parts.performance else set()
    used |= {"zone", "zone shares"} if parts.zones else set()
    used |= {"stores", "pulled", "ranks"} if parts.stores is not None else set()
    used |= set(outcome_methods(parts)) | soundness_methods(parts) | visit_methods(parts)
    used |= voice_methods(parts) | listening_methods(parts) | cause_methods(parts) | decision_methods(parts)
    if parts.gaps:
        used |= {"gap", "total", "joint", "deff", "alpha", "effects", "performance"}
        used |= {type(scores.interval).__name__ for scores in parts.gaps}
        used |= {"weighted"} if "weighted" in _totals(parts) else set()
        used |= {"difference", "wilcoxon"} if parts.responses.pairing == "paired" else set()
    return used | ({"compare", "open"} if parts.comparisons else set())


def _provenance(parts: Parts) -> Iterator[Any]:
    made = parts.provenance
    yield parts.say("provenance how")
    yield Table(files(made.sources, parts.language), READ, "files")
    instruments = {side.instrument.name: side for side in parts.responses.sides}
    remarks = [language_remark(side.instrument, side.variables, parts.language) for side in instruments.values()]
    for remark in dict.fromkeys([*made.remarks, *filter(None, remarks)]):
        yield Paragraph(remark, "caution")
    settings = ("；" if parts.language == "zh" else "; ").join(
        f"{name} = {value}" for name, value in made.settings.items()
    )
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    entries = [
        Entry(parts.say("settings"), settings or "–"),
        Entry(parts.say("versions"), versions),
        Entry(parts.say("beside"), parts.say("tables beside")),
        Entry(parts.say("seed"), parts.say("no seed") if made.seed is None else str(made.seed)),
    ]
    if made.command:
        entries.append(Entry(parts.say("repeat"), "", made.command))
    yield Entries(tuple(entries))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "–"


_SECTIONS = {
    "in short": in_short,
    "asked": asked,
    "came back": came_back,
    "told us": told_us,
    "gaps": _gaps,
    "items": _items,
    "performance": performance,
    "groups": _groups,
    "single stores": stores,
    "zone": zone,
    "outcomes": outcomes,
    "shoppers": shoppers,
    "visited stores": visited_stores,
    "visits trusted": visits_trusted,
    "angles": angles,
    "inside outside": inside_outside,
    "rivals": rivals,
    "five gaps": five_gaps,
    "staff": staff,
    "complaints": complaints,
    "sources agree": sources_agree,
    "moves satisfaction": moves_satisfaction,
    "experts": experts,
    "improve first": improve_first,
    "act": act,
    "brings back": brings_back,
    "heard": heard,
    "sound": soundness,
    "trust": _trust,
    "not measured": _not_measured,
    "method": _method,
    "provenance": _provenance,
}
