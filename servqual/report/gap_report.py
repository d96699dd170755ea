"""The gap report: from what was asked to what was found, and how sure one may be of it.

One function per section, in the order in which a reader asks. Numbers come from results; here they are only
chosen and put in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.files import Source
from servqual.report.cautions import data_cautions, language_remark
from servqual.report.document import Entries, Entry, Heading, Paragraph, Picture, Report, Table, file_name
from servqual.report.findings import gap_sentence, is_clear, is_tested, open_comparisons, untested
from servqual.report.listings import faulty_cells, files, item_words, joint_tests
from servqual.report.methods import column_entries, method_entries
from servqual.report.words import not_measured, word
from servqual.responses import Responses
from survey_design.results import Estimate, Language, Result, say

if TYPE_CHECKING:
    from servqual.comparison import Comparison
    from servqual.gaps import GapScores, GapTable

_FINDINGS = 5
_CELLS = 50
_ROWS = 60
_SCORE = "servqual.gaps.score_gaps"
_READ = "servqual.responses.read_responses"
_PACKAGES = ("servqual", "numpy", "pandas", "scipy")


@dataclass(frozen=True)
class Provenance:
    """What a report was made from, so that it can be made again.

    Attributes
    ----------
    sources : the files, with checksum and encoding
    settings : what was asked for
    seed : of what is random, None where nothing is
    command : the line that repeats it
    remarks : what must be known about how the files were read
    """

    sources: tuple[Source, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    command: str = ""
    remarks: tuple[str, ...] = ()


def gap_report(
    study_title: str,
    responses: Responses,
    gaps: Sequence[GapScores],
    comparisons: Sequence[Comparison] = (),
    language: Language = "en",
    provenance: Provenance | None = None,
) -> Report:
    """What customers expected, what they got, and how far the difference can be trusted.

    Parameters
    ----------
    study_title : str
    responses : what came back
    gaps : the scores of everybody first, then one per split
    comparisons : differences between groups, one per split that has any
    language : {"en", "zh"}
    provenance : files, settings and command; read from the responses if left out

    Returns
    -------
    Report
        Findings come first; every table names the function that computed it.

    Examples
    --------
    >>> from servqual.study import load_study
    >>> results = load_study("data/sample").results()
    >>> [section.title for section in results.report().sections][:4]
    ['In short', 'What was asked, and of whom', 'What came back', 'The gaps']
    """
    parts = _Parts(
        responses.in_language(language),
        tuple(scores.in_language(language) for scores in gaps),
        tuple(comparison.in_language(language) for comparison in comparisons),
        language,
        provenance or Provenance(tuple(side.source for side in responses.sides)),
    )
    report = Report(study_title, language, word("subtitle", language))
    for title, write in _SECTIONS.items():
        report = report.with_section(word(title, language), *write(parts))
    return report


@dataclass(frozen=True, eq=False)
class _Parts:
    """What the sections are written from."""

    responses: Responses
    gaps: tuple[GapScores, ...]
    comparisons: tuple[Comparison, ...]
    language: Language
    provenance: Provenance

    @property
    def overall(self) -> GapScores:
        return self.gaps[0]

    @property
    def percent(self) -> str:
        return f"{100 * self.overall.level:g}%"

    @property
    def adjust(self) -> str:
        return self.overall.dimensions.adjust

    def say(self, key: str, **values: Any) -> str:
        return word(key, self.language, **values)

    def heading(self, by: Sequence[str]) -> str:
        """What the columns of a split are called."""
        return _listed([self.responses.column_of(name).heading(self.language) for name in by], self.language)

    def is_clear(self, frame: pd.DataFrame) -> pd.Series:
        """Rows whose corrected p excludes chance at the level of the intervals."""
        return is_clear(frame, self.overall.level)

    @property
    def reasons(self) -> str:
        """Why dimensions could not be tested."""
        return ("；" if self.language == "zh" else "; ").join(untested(self.overall.dimensions))


# --- in short ----------------------------------------------------------------------------------------------


def _in_short(parts: _Parts) -> Iterator[Any]:
    scale = parts.responses.instrument.scale
    settled = _settled(parts)
    said = parts.say("what a gap is", low=scale.low, high=scale.high)
    if settled or is_tested(parts.overall.dimensions.frame).any():
        percent, adjust = f"{1 - parts.overall.level:.0%}", parts.say(f"adjust {parts.adjust}")
        glue = "" if parts.language == "zh" else " "
        said += glue + parts.say("how settled", adjust=adjust, percent=percent)
    yield Paragraph(said, "note")
    yield Heading(parts.say("settled"))
    yield settled or [_nothing_settled(parts)]
    yield Heading(parts.say("not settled"))
    yield _not_settled(parts)
    if parts.overall.dimensions.caution:
        yield Paragraph(parts.overall.dimensions.caution, "caution")


def _nothing_settled(parts: _Parts) -> str:
    tested = is_tested(parts.overall.dimensions.frame)
    if tested.all():
        return parts.say("nothing settled")
    if tested.any() or not parts.reasons:
        return parts.say("nothing settled of those tested")
    return parts.say("nothing tested", reasons=parts.reasons)


def _settled(parts: _Parts) -> list[str]:
    """At most five findings: the total, the widest shortfalls, the widest difference of each split."""
    total, table = parts.overall.total, parts.overall.dimensions
    totals = total.frame[(total.frame["total"] == "mean") & parts.is_clear(total.frame)]
    clear = table.frame[parts.is_clear(table.frame)].sort_values("gap", kind="stable")
    differences = [said for comparison in parts.comparisons if (said := _widest_difference(parts, comparison))]
    room = _FINDINGS - len(totals) - len(differences[:2])
    named = clear["dimension"].tolist()
    shown = named if len(named) <= room else named[: room - 1]
    found = [total.sentence("mean")] if len(totals) else []
    found += [table.sentence(name) for name in shown]
    rest = clear[~clear["dimension"].isin(shown)]
    if len(rest):
        gaps = _listed([_one_more(parts, table, row) for _, row in rest.iterrows()], parts.language)
        found.append(parts.say("and more", gaps=gaps, percent=parts.percent, base=_base(parts, rest["n"])))
    return [*found, *differences[: _FINDINGS - len(found)]]


def _base(parts: _Parts, n: pd.Series) -> str:
    return parts.say("n each" if n.nunique() == 1 else "n at least", n=int(n.min()))


def _one_more(parts: _Parts, table: GapTable, row: pd.Series) -> str:
    shown = {column.name: column.show(row[column.name], parts.language) for column in table.columns()}
    return parts.say("one more", name=shown["dimension"], **{key: shown[key] for key in ("gap", "low", "high")})


def _widest_difference(parts: _Parts, comparison: Comparison) -> str:
    """The widest difference between groups that chance does not explain, in words; empty if there is none."""
    frame = comparison.frame
    clear = frame[parts.is_clear(frame) & (frame["dimension"] != "mean")]
    if clear.empty:
        return ""
    row = clear.iloc[int(clear["difference"].abs().argmax())]
    columns = {column.name: column for column in comparison.columns()}
    shown = {name: column.show(row[name], parts.language) for name, column in columns.items()}
    pair = [shown[comparison.by], shown["against"]]
    better, worse = pair if row["difference"] > 0 else reversed(pair)
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    error = Estimate(0, 0, low, high, int(row["n"]), row["df"], comparison.level)
    return parts.say(
        "group difference",
        dimension=shown["dimension"],
        difference=f"{abs(row['difference']):.2f}",
        by=columns[comparison.by].heading(parts.language),
        better=better,
        worse=worse,
        interval=error.interval(parts.language),
        n=int(row["n"]),
        p=_compared(shown["p_adjusted"]),
    )


def _not_settled(parts: _Parts) -> list[str]:
    table = parts.overall.dimensions
    found = [text for _, side in _sides(parts.responses) for text in data_cautions(side, parts.language)]
    known = np.isfinite(table.frame["gap"])
    open_rows = table.frame[~parts.is_clear(table.frame) & (is_tested(table.frame) | ~known)]
    found += [_open_gap(parts, table, row) for _, row in open_rows.iterrows()]
    for reason, gaps in untested(table).items():
        found.append(parts.say("not testable gaps", reason=reason, gaps=_listed(gaps, parts.language)))
    for comparison in parts.comparisons:
        found += _open_groups(parts, comparison)
    found += _objections(parts)
    if len(table.frame) > 1:
        found.append(parts.say("structure open", k=len(table.frame)))
    if any(not comparison.comparability for comparison in parts.comparisons):
        found.append(parts.say("comparability open"))
    return found


def _open_groups(parts: _Parts, comparison: Comparison) -> list[str]:
    """How many comparisons chance explains, and how many could not be tested."""
    n_open, tested = open_comparisons(comparison)
    named: dict[str, Any] = {
        "by": parts.heading((comparison.by,)),
        "file": f"{file_name(f'comparison by {comparison.by}')}.csv",
        "all": len(comparison.frame),
        "limit": f"{1 - comparison.level:.6g}",
    }
    found = [parts.say("groups open", open=n_open, tested=tested, **named)] if n_open else []
    if tested < named["all"]:
        found.append(parts.say("groups untested", untested=named["all"] - tested, **named))
    return found


def _open_gap(parts: _Parts, table: GapTable, row: pd.Series) -> str:
    """A gap that may be nothing; where only the correction says so, with the corrected p."""
    sentence = table.sentence(row["dimension"])
    if not (row["low"] > 0 or row["high"] < 0):
        return sentence
    p = {column.name: column for column in table.columns()}["p_adjusted"].show(row["p_adjusted"], parts.language)
    return parts.say("open after correction", sentence=sentence, p=_compared(p))


def _compared(p: str) -> str:
    """A shown p with its sign: "= .065" or "<.001"."""
    return p if p.startswith("<") else f"= {p}"


def _objections(parts: _Parts) -> list[str]:
    """What the scores warn of; items without partner are only counted here, the next section lists them."""
    lone = [item for _, item in parts.responses.unmatched]
    said = [say(warning, parts.language) for warning in parts.overall.warnings]
    kept = [text for text in said if not lone or not all(item in text for item in lone)]
    return [parts.say("unmatched count", n=len(lone)), *kept] if lone else kept


# --- asked, and of whom ------------------------------------------------------------------------------------


def _asked(parts: _Parts) -> Iterator[Any]:
    responses = parts.responses
    sides = _sides(responses)
    instruments = {side.instrument.name: (form, side.instrument) for form, side in sides}
    for form, instrument in instruments.values():
        sentence = instrument.sentence()
        yield sentence if len(instruments) == 1 else parts.say("form of", form=parts.say(form), sentence=sentence)
        if instrument.source:
            yield Paragraph(parts.say("source", source=instrument.source), "note")
    yield [
        parts.say(
            "form and file",
            form=parts.say(form),
            file=side.source.name,
            sentence=side.design.sentence(parts.language),
        )
        for form, side in sides
    ]
    yield parts.say(responses.pairing)
    if responses.unmatched:
        yield parts.say("unmatched", items=_listed(_unmatched(responses), parts.language))
    if parts.overall.dimensions.caution:
        yield Paragraph(parts.overall.dimensions.caution, "caution")
    yield Table(item_words(responses, parts.language), "servqual.instruments.load_instrument", "item_words")


def _sides(responses: Responses) -> list[tuple[str, Responses]]:
    """Each file under the name of the form it brings."""
    if responses.expectation is not None:
        return [("expectation", responses.expectation), ("perception", responses)]
    return [("both" if responses.pairing == "paired" else "perception", responses)]


def _unmatched(responses: Responses) -> list[str]:
    named = []
    for form, item in responses.unmatched:
        side = responses.expectation if form == "expectation" and responses.expectation else responses
        label, asked = say(side.instrument.item(item).label, side.language), word(form, side.language)
        named.append(f"{label}（{item}，{asked}）" if side.language == "zh" else f"{label} ({item}, {asked})")
    return named


# --- what came back ----------------------------------------------------------------------------------------


def _came_back(parts: _Parts) -> Iterator[Any]:
    yield parts.say("ledger how")
    sides = _sides(parts.responses)
    for form, side in sides:
        yield Table(side.ledger, _READ, f"ledger {form}")
    cases = pd.concat([side.cases for _, side in sides], ignore_index=True)
    if cases.empty:
        yield parts.say("no faults")
        return
    yield parts.say("faults", n=len(cases))
    yield Table(faulty_cells(cases, parts.language), _READ, "faulty_cells", rows=_CELLS)


# --- gaps --------------------------------------------------------------------------------------------------


def _gaps(parts: _Parts) -> Iterator[Any]:
    overall = parts.overall
    if is_tested(overall.dimensions.frame).any() or not parts.reasons:
        yield parts.say("gaps how", percent=parts.percent)
    else:
        yield parts.say("no gap interval", reasons=parts.reasons)
    yield _picture(parts, overall.dimensions)
    yield Table(overall.dimensions, _SCORE, "dimensions")
    yield parts.say("total how")
    yield Table(overall.total, _SCORE, "total")
    yield Table(joint_tests(overall, parts.language), "servqual.inference.hotelling", "joint_test")


def _items(parts: _Parts) -> Iterator[Any]:
    yield parts.say("items how")
    yield _picture(parts, parts.overall.items)
    yield Table(parts.overall.items, _SCORE, "items")


def _groups(parts: _Parts) -> Iterator[Any]:
    compared = {comparison.by: comparison for comparison in parts.comparisons}
    if len(parts.gaps) == 1:
        yield parts.say("no groups")
    for scores in parts.gaps[1:]:
        by, heading = " ".join(scores.by), parts.heading(scores.by)
        yield Heading(parts.say("by", by=heading))
        yield _picture(parts, scores.dimensions)
        yield Table(scores.dimensions, _SCORE, f"dimensions by {by}", rows=_ROWS)
        yield Table(scores.total, _SCORE, f"total by {by}", rows=_ROWS)
        yield Table(
            joint_tests(scores, parts.language), "servqual.inference.hotelling", f"joint_test by {by}", rows=_ROWS
        )
        if by not in compared:
            yield parts.say("one value", by=heading)
            continue
        yield parts.say("compared how")
        yield Table(compared[by], "servqual.comparison.compare", f"comparison by {by}", rows=_ROWS)


def _picture(parts: _Parts, table: GapTable) -> Picture:
    def draw() -> Any:
        from servqual.plots import draw_gaps, new_axes

        return draw_gaps(table, new_axes())

    lowest = table.frame.dropna(subset="gap").nsmallest(1, "gap")
    key = "picture" if is_tested(table.frame).any() else "picture without interval"
    alt = f"{table.title()}{'：' if parts.language == 'zh' else '. '}{parts.say(key, percent=parts.percent)}"
    for _, worst in lowest.iterrows():
        glue = "" if parts.language == "zh" else " "
        alt += glue + gap_sentence(table, worst[table.what], **{name: worst[name] for name in table.by})
    return Picture(draw, alt, _SCORE)


# --- trust -------------------------------------------------------------------------------------------------


def _trust(parts: _Parts) -> Iterator[Any]:
    from servqual.gaps import score_performance

    overall, responses = parts.overall, parts.responses
    yield parts.say("trust how")
    yield [say(warning, parts.language) for warning in overall.warnings] or parts.say("no warnings")
    if responses.pairing == "independent":
        yield parts.say("two samples")
    yield Table(_filled(overall.diagnostics), "servqual.difference_scores.diagnose_differences", "diagnostics")
    yield Table(_filled(overall.effects), "servqual.difference_scores.effect_sizes", "effects")
    yield parts.say("performance how")
    performance = score_performance(responses, level=overall.level, interval=overall.interval)
    yield Table(performance, "servqual.gaps.score_performance", "performance")


def _filled(result: Result) -> Result:
    """The result without columns in which nothing could be computed."""
    return replace(result, frame=result.frame.dropna(axis="columns", how="all"))


def _not_measured(parts: _Parts) -> Iterator[Any]:
    known = set()
    if "weighted" in set(parts.overall.total.frame["total"]):
        known.add("importance")
    instrument, frame = parts.responses.instrument, parts.responses.frame
    if any(outcome.column in frame.columns for outcome in instrument.outcomes):
        known.add("outcomes")
    yield parts.say("not measured how")
    lacking = [thing for key, thing in not_measured().items() if key not in known]
    entries = [Entry(say(thing["name"], parts.language), say(thing["needs"], parts.language)) for thing in lacking]
    yield Entries(tuple(entries))


# --- method and provenance ---------------------------------------------------------------------------------


def _method(parts: _Parts) -> Iterator[Any]:
    used = {"gap", "total", "joint", "deff", "alpha", "effects", "performance", parts.adjust}
    used |= {type(scores.interval).__name__ for scores in parts.gaps}
    used |= {comparison.adjust for comparison in parts.comparisons}
    if "weighted" in set(parts.overall.total.frame["total"]):
        used.add("weighted")
    if parts.comparisons:
        used |= {"compare", "open"}
    if parts.responses.pairing == "paired":
        used |= {"difference", "wilcoxon"}
    yield Entries(method_entries(used, parts.language))
    yield Heading(parts.say("column functions"))
    yield Entries(column_entries(type(parts.overall.interval), parts.language))


def _provenance(parts: _Parts) -> Iterator[Any]:
    made = parts.provenance
    yield parts.say("provenance how")
    yield Table(files(made.sources, parts.language), _READ, "files")
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


def _listed(names: Sequence[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(names)


_SECTIONS = {
    "in short": _in_short,
    "asked": _asked,
    "came back": _came_back,
    "gaps": _gaps,
    "items": _items,
    "groups": _groups,
    "trust": _trust,
    "not measured": _not_measured,
    "method": _method,
    "provenance": _provenance,
}
