"""In short: what the data show beyond chance, and what they leave open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.report.causes import cause_findings
from servqual.report.cautions import data_cautions
from servqual.report.decisions import priority_findings, ranked_list
from servqual.report.document import Heading, Paragraph, file_name
from servqual.report.findings import is_tested, open_comparisons, untested
from servqual.report.parts import Parts
from servqual.report.performance import performance_findings
from servqual.report.returned import sides_of
from servqual.report.shoppers import visit_findings
from servqual.report.soundness import scale_line, soundness_findings
from servqual.report.voices import voice_findings
from servqual.report.zone import zone_findings
from survey_design.results import Estimate, say

if TYPE_CHECKING:
    from servqual.comparison import Comparison
    from servqual.gaps import GapTable

_FINDINGS = 5
_RANKED = 3  # of what to improve first


def in_short(parts: Parts) -> Iterator[Any]:
    """At most five findings, then everything that is open, so that nobody reads more into them."""
    if not parts.gaps:
        yield from _zone_in_short(parts) if parts.zones else _performance_in_short(parts)
        return
    scale = parts.responses.instrument.scale
    settled = _settled(parts)
    said = parts.say("what a gap is", low=scale.low, high=scale.high)
    if settled or is_tested(parts.overall.dimensions.frame).any():
        percent, adjust = f"{1 - parts.level:.0%}", parts.say(f"adjust {parts.adjust}")
        said = parts.text(said, parts.say("how settled", adjust=adjust, percent=percent))
    yield Paragraph(said, "note")
    yield from _answered(parts)
    yield Heading(parts.say("settled"))
    yield settled or [_nothing_settled(parts)]
    if scale_line(parts):
        yield scale_line(parts)
    yield Heading(parts.say("not settled"))
    yield _not_settled(parts)
    yield from _cautions(parts)


def _answered(parts: Parts) -> Iterator[Any]:
    """The answers under their heading, where the study asks for more than scores."""
    answers = five_answers(parts)
    if answers:
        yield Heading(parts.say("answers"))
        yield answers
    ranked = ranked_list(parts, _RANKED)
    if ranked:
        yield Heading(parts.say("ranked in short"))
        yield ranked


def five_answers(parts: Parts) -> list[str]:
    """What customers want, where it is lost, why, what first, how sure: one line each with its evidence, as far as the study can tell.

    Only where it asks for more than scores: a study of gaps alone is told by what is settled.
    """
    if parts.voices is None and parts.causes is None and parts.decisions is None:
        return []
    answers = {
        "answer wanted": voice_findings(parts),
        "answer lost": _lost(parts) if parts.gaps else (zone_findings(parts) or performance_findings(parts))[1:2],
        "answer why": cause_findings(parts) or visit_findings(parts)[1:2],
        "answer first": priority_findings(parts),
        "answer sure": _sure(parts) if parts.gaps else [],
    }
    return [parts.say(key, said=parts.text(*told)) for key, told in answers.items() if told]


def _lost(parts: Parts) -> list[str]:
    """The widest shortfall of a dimension, and the widest difference between groups, where chance explains neither."""
    table = parts.overall.dimensions
    clear = table.frame[parts.is_clear(table.frame) & (table.frame["gap"] < 0)].sort_values("gap", kind="stable")
    found = [table.sentence(name) for name in clear["dimension"].head(1)]
    return [*found, *[said for comparison in parts.comparisons if (said := _widest_difference(parts, comparison))][:1]]


def _sure(parts: Parts) -> list[str]:
    """How much of it chance could explain, and whether the dimensions may stand by themselves."""
    table = parts.overall.dimensions
    if not is_tested(table.frame).any():
        return []
    clear = parts.say("sure of the gaps", clear=int(parts.is_clear(table.frame).sum()), k=len(table.frame))
    counts = [open_comparisons(comparison) for comparison in parts.comparisons]
    groups = (
        parts.say("sure of the groups", open=sum(n for n, _ in counts), tested=sum(n for _, n in counts))
        if counts
        else ""
    )
    stop = "。" if parts.language == "zh" else "."
    said = parts.joined([each for each in (clear, groups) if each], "；", "; ") + stop
    return [said, *([scale_line(parts)] if scale_line(parts) else soundness_findings(parts)[:1])]


def _zone_in_short(parts: Parts) -> Iterator[Any]:
    """The same where minimum and desired levels were asked, and no expectations."""
    yield Paragraph(parts.say("what a zone is"), "note")
    yield from _answered(parts)
    yield zone_findings(parts)[:_FINDINGS] or [parts.say("zone too few", minimum=parts.small.minimum)]
    yield from _open_files(parts)


def _performance_in_short(parts: Parts) -> Iterator[Any]:
    """The same where only perceptions were asked."""
    scale = parts.responses.instrument.scale
    yield Paragraph(parts.say("what a perception is", low=scale.low, high=scale.high), "note")
    yield from _answered(parts)
    yield performance_findings(parts)[:_FINDINGS] or [parts.say("perceptions too few", minimum=parts.small.minimum)]
    yield from _open_files(parts)


def _open_files(parts: Parts) -> Iterator[Any]:
    """What the files leave open, where nothing was tested."""
    found = _file_cautions(parts)
    found += soundness_findings(parts) if parts.validity is not None else []
    if scale_line(parts):
        yield scale_line(parts)
    if found:
        yield Heading(parts.say("not settled"))
        yield found
    yield from _cautions(parts)


def _cautions(parts: Parts) -> Iterator[Any]:
    """In boxes: which of the customers' intervals are too narrow, and what no interval holds; then what visits found."""
    for text in filter(None, (parts.narrow_anywhere, parts.caution)):
        yield Paragraph(text, "caution")
    found = visit_findings(parts)
    if found:
        yield Heading(parts.say("visits in short"))
        yield found


def _nothing_settled(parts: Parts) -> str:
    tested = is_tested(parts.overall.dimensions.frame)
    if (parts.overall.dimensions.frame["reason"] == "suppressed").all():
        return parts.say("all left out", minimum=parts.small.minimum)
    if tested.all():
        return parts.say("nothing settled")
    if tested.any() or not parts.reasons:
        return parts.say("nothing settled of those tested")
    return parts.say("nothing tested", reasons=parts.reasons)


def _settled(parts: Parts) -> list[str]:
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
        gaps = parts.joined([_one_more(parts, table, row) for _, row in rest.iterrows()])
        found.append(parts.say("and more", gaps=gaps, percent=parts.percent, base=_base(parts, rest["n"])))
    return [*found, *differences[: _FINDINGS - len(found)]]


def _base(parts: Parts, n: pd.Series) -> str:
    return parts.say("n each" if n.nunique() == 1 else "n at least", n=int(n.min()))


def _one_more(parts: Parts, table: GapTable, row: pd.Series) -> str:
    shown = {column.name: column.show(row[column.name], parts.language) for column in table.columns()}
    return parts.say("one more", name=shown["dimension"], **{key: shown[key] for key in ("gap", "low", "high")})


def _widest_difference(parts: Parts, comparison: Comparison) -> str:
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


def _not_settled(parts: Parts) -> list[str]:
    table = parts.overall.dimensions
    found = _file_cautions(parts)
    known = np.isfinite(table.frame["gap"])
    open_rows = table.frame[~parts.is_clear(table.frame) & (is_tested(table.frame) | ~known)]
    found += [_open_gap(parts, table, row) for _, row in open_rows.iterrows()]
    for reason, gaps in untested(table).items():
        found.append(parts.say("not testable gaps", reason=reason, gaps=parts.joined(gaps)))
    for comparison in parts.comparisons:
        found += _open_groups(parts, comparison)
    found += _objections(parts)
    found += soundness_findings(parts)
    if any(not comparison.comparability for comparison in parts.comparisons):
        found.append(parts.say("comparability open"))
    return found


def _file_cautions(parts: Parts) -> list[str]:
    return [text for _, side in sides_of(parts.responses) for text in data_cautions(side, parts.language)]


def _open_groups(parts: Parts, comparison: Comparison) -> list[str]:
    """How many comparisons chance explains, and how many could not be tested."""
    n_open, tested = open_comparisons(comparison)
    shown = comparison.frame[comparison.frame["reason"] != "suppressed"]
    named: dict[str, Any] = {
        "by": parts.heading((comparison.by,)),
        "file": f"{file_name(f'comparison by {comparison.by}')}.csv",
        "all": len(shown),
        "limit": f"{1 - comparison.level:.6g}",
    }
    found = [parts.say("groups open", open=n_open, tested=tested, **named)] if n_open else []
    if tested < named["all"]:
        found.append(parts.say("groups untested", untested=named["all"] - tested, **named))
    return found


def _open_gap(parts: Parts, table: GapTable, row: pd.Series) -> str:
    """A gap that may be nothing; where only the correction says so, with the corrected p."""
    sentence = table.sentence(row["dimension"])
    if not (row["low"] > 0 or row["high"] < 0):
        return sentence
    p = {column.name: column for column in table.columns()}["p_adjusted"].show(row["p_adjusted"], parts.language)
    return parts.say("open after correction", sentence=sentence, p=_compared(p))


def _compared(p: str) -> str:
    """A shown p with its sign: "= .065" or "< .001"."""
    return f"< {p[1:]}" if p.startswith("<") else f"= {p}"


def _objections(parts: Parts) -> list[str]:
    """What the scores warn of; items without partner are only counted here, the next section lists them."""
    lone = [item for _, item in parts.responses.unmatched]
    said = [say(warning, parts.language) for warning in parts.overall.warnings]
    kept = [text for text in said if not lone or not all(item in text for item in lone)]
    return [parts.say("unmatched count", n=len(lone)), *kept] if lone else kept
