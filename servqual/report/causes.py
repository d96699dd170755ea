"""Why quality is lost: the five gaps, what staff believe and see, what is complained of, and whether the sources agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.inference import NUMBER_COLUMNS
from servqual.report.document import Heading, Paragraph, Table
from servqual.report.parts import Parts, with_frame
from servqual.report.small_cells import Split, hidden_groups
from survey_design.results import Column, Result, say

if TYPE_CHECKING:
    from servqual.causes import CauseResults
    from servqual.complaints import PromisesKept, StageLimits
    from servqual.diagnosis import Diagnosis, Waterfall
    from servqual.diagnosis.chain import Finding

_DIAGNOSE = "servqual.diagnosis.diagnose"
_STAFF = "servqual.diagnosis.compare_staff"
_TRIANGULATE = "servqual.diagnosis.triangulate"
_COMPLAINTS = "servqual.complaints"
_EVERYBODY = "(all)"  # of departments
_NOBODY = ["statement", "session", "speaker"]  # columns of quotations that lead to who said it
_ALONE: tuple[Finding, ...] = (
    "knowledge",
    "standards",
    "customer",
)  # gaps that hang on no assumption about what is delivered


def shown_causes(parts: Parts) -> CauseResults | None:
    """The causes without managers, staff or complaints that are too few to be shown; one object, so that nothing is computed twice."""
    return parts.once("causes", lambda: _shown_causes(parts))


def _shown_causes(parts: Parts) -> CauseResults | None:
    found = parts.causes
    if found is None:
        return None
    few = [name for name in ("managers", "staff", "complaints") if _n(getattr(found, name)) < parts.small.minimum]
    gone: dict[str, Any] = {name: None for name in few if getattr(found, name) is not None}
    return replace(found, **gone) if gone else found


def _n(answers: Any) -> int:
    return 0 if answers is None else int(answers.n)


def _column(table: Result, name: str) -> Column:
    return next(column for column in table.columns() if column.name == name)


def _few_customers(parts: Parts) -> bool:
    return any(side.n < parts.small.minimum for side in parts.responses.sides)


def _too_few(parts: Parts, name: str) -> Iterator[Any]:
    """That a source is left out for being too small."""
    answers = None if parts.causes is None else getattr(parts.causes, name)
    if answers is not None and answers.n < parts.small.minimum:
        yield parts.say("causes too few", who=parts.say(f"who {name}"), minimum=parts.small.minimum)


# --- the five gaps -----------------------------------------------------------------------------------------


def five_gaps(parts: Parts) -> Iterator[Any]:
    """First what rests on answers and readings alone, then what is delivered, which takes an assumption."""
    found = shown_causes(parts)
    if found is None or found.diagnosis is None or _few_customers(parts):
        return
    yield parts.say("five gaps how")
    yield from _too_few(parts, "managers")
    yield from _plain(parts, found)
    yield from _delivered(parts, found)
    table = found.diagnosis
    yield Heading(parts.say("gaps by dimension"))
    if found.kept is not None:
        yield Paragraph(parts.say("gaps by dimension how"), "note")
    yield _gaps_picture(parts, table)
    yield Table(table.dimensions, _DIAGNOSE, "five gaps by dimension", on_page=False)
    yield Table(table.items, _DIAGNOSE, "five gaps by item", on_page=False)
    yield Table(table.total, _DIAGNOSE, "five gaps overall", on_page=False)
    if table.ranks.frame["rho"].notna().any():
        yield parts.say("ranks of gaps how")
        yield Table(table.ranks, _DIAGNOSE, "provider gaps against the customer gap")
    if len(table.not_measured.frame):
        yield Heading(parts.say("gaps not measured"))
        yield Table(table.not_measured, _DIAGNOSE, "gaps not measured")


def _gaps_picture(parts: Parts, table: Diagnosis) -> Any:
    """All gaps by dimension; in words the widest of them."""
    said, frame = parts.say("five gaps picture", title=table.dimensions.title()), table.dimensions.frame
    known = frame[frame["gap"].notna()]
    if known.empty:
        return parts.picture(table, parts.text(said, table.sentence()), _DIAGNOSE)
    worst = known.sort_values("gap", kind="stable").iloc[0]
    widest = table.dimensions.sentence(worst["dimension"], worst["finding"])
    return parts.picture(table, parts.text(said, widest), _DIAGNOSE)


def _plain(parts: Parts, found: CauseResults) -> Iterator[Any]:
    """The gaps for which nothing is assumed on what is delivered, and the waterfall of them."""
    table = found.plain
    if table is None:
        return
    yield Heading(parts.say("gaps alone"))
    yield Paragraph(parts.say("gaps alone how"), "note")
    yield _alone(parts, table) + _promised(parts, found)
    if table.waterfall is not None:
        yield table.waterfall.sentence()
        yield _fall_picture(parts, table.waterfall)
        yield Table(table.waterfall, _DIAGNOSE, "waterfall without assumption", on_page=False)


def _alone(parts: Parts, table: Diagnosis) -> list[str]:
    """Knowledge, standards, customers: overall, then the dimension that loses most where that is beyond chance."""
    said = []
    measured = set(table.total.frame["finding"])
    for finding in _ALONE:
        if finding not in measured:
            continue
        rows = table.dimensions.frame[table.dimensions.frame["finding"] == finding]
        worst = rows[parts.is_clear(rows) & (rows["gap"] < 0)].sort_values("gap", kind="stable").head(1)
        said.append(
            parts.text(
                table.total.sentence("mean", finding),
                *(table.dimensions.sentence(name, finding) for name in worst["dimension"]),
            )
        )
    return said


def _promised(parts: Parts, found: CauseResults) -> list[str]:
    """What is promised beyond the standards: what the communication gap would be if every standard were kept."""
    table = found.at_best
    if table is None or "communication" not in set(table.total.frame["finding"]):
        return []
    row = table.total.finding("mean", "communication")
    if not np.isfinite(row["low"]):
        return []
    if row["high"] >= 0:
        return [parts.say("promised within", **_shown(parts, row), percent=parts.percent, k=int(row["items"]))]
    return [parts.say("promised beyond", **_shown(parts, row, turned=True), percent=parts.percent, k=int(row["items"]))]


def _shown(parts: Parts, row: pd.Series, *, turned: bool = False) -> dict[str, str]:
    """Gap and interval as a sentence shows them; turned, as an excess."""
    low, high = (-row["high"], -row["low"]) if turned else (row["low"], row["high"])
    signed = NUMBER_COLUMNS["low" if turned else "gap"]
    told = {"gap": signed.show(-row["gap"] if turned else row["gap"], parts.language)}
    return told | {name: NUMBER_COLUMNS["low"].show(value, parts.language) for name, value in (("low", low), ("high", high))}  # fmt: skip


def _delivered(parts: Parts, found: CauseResults) -> Iterator[Any]:
    """What is delivered, with the assumption in plain words beside the picture."""
    table, kept = found.diagnosis, found.kept
    if table is None or kept is None or table.waterfall is None or "delivery" not in set(table.waterfall.frame["step"]):
        return
    fall = table.waterfall
    yield Heading(parts.say("gaps delivered"))
    yield _kept(parts, found)
    yield Paragraph(parts.text(parts.say("delivered assumed", floor=f"{fall.floor:g}"), *_seen(parts, fall)), "caution")
    yield fall.sentence()
    yield _fall_picture(parts, fall)
    yield Table(fall, _DIAGNOSE, "waterfall with the assumption", on_page=False)


def _kept(parts: Parts, found: CauseResults) -> str:
    """Where most and least of the standard was kept: measured, without an assumption."""
    kept = found.kept
    if kept is None:
        return ""
    order = kept.frame[kept.frame["level"].notna()].sort_values("level", kind="stable")
    labels, share = kept.labels, _column(kept, "level")
    least, most = order.iloc[0], order.iloc[-1]
    named = {
        f"{name}": say(labels[row["item"]], parts.language)
        for name, row in (("least_item", least), ("most_item", most))
    }
    shown = {name: share.show(row["level"], parts.language) for name, row in (("least", least), ("most", most))}
    return parts.say("kept between", k=len(order), n=f"{int(order['n'].max()):,}", **named, **shown)


def _seen(parts: Parts, fall: Waterfall) -> list[str]:
    """For how many items delivery then loses most, and that customers see more than is delivered, if they do."""
    steps = fall.by_item[fall.by_item["step"] != "customer"]
    worst = steps.loc[steps.groupby("id", sort=False)["gap"].idxmin(), "step"]
    said = [parts.say("delivery everywhere", n=int((worst == "delivery").sum()), k=len(worst))]
    whole = fall.rows()
    seen = whole[whole["step"] == "perception"].iloc[0]
    if seen["low"] > 0:
        said.append(parts.say("perception positive", gap=NUMBER_COLUMNS["low"].show(seen["gap"], parts.language)))
    if parts.inspection is not None and parts.inspection.rated:
        said.append(parts.say("other yardstick", section=parts.say("inside outside")))
    return said


# --- staff beside customers --------------------------------------------------------------------------------


def staff(parts: Parts) -> Iterator[Any]:
    """What staff believe customers expect, and how they see the service they give."""
    yield from _too_few(parts, "staff")
    found = shown_causes(parts)
    if found is None or found.staff_gaps is None or _few_customers(parts):
        return
    table = found.staff_gaps
    yield parts.say("staff how")
    yield [said for compared in ("expectation", "perception") for said in _staff_sentences(parts, found, compared)]
    yield parts.picture_of(table, "staff picture", _STAFF)
    yield Table(table.dimensions, _STAFF, "staff against customers", on_page=False)
    yield Table(table.items, _STAFF, "staff against customers by item", on_page=False)


def _staff_sentences(parts: Parts, found: CauseResults, compared: Any) -> Iterator[str]:
    """Overall, then the dimension on which both are furthest apart, if that is beyond chance."""
    table = found.staff_gaps
    if table is None or compared not in set(table.total.frame["compared"]):
        return
    yield table.sentence("mean", compared)
    rows = table.dimensions.frame[table.dimensions.frame["compared"] == compared]
    clear = rows[parts.is_clear(rows)]
    if len(clear):
        yield table.sentence(clear.loc[clear["difference"].abs().idxmax(), "dimension"], compared)


# --- complaints --------------------------------------------------------------------------------------------


def complaints(parts: Parts) -> Iterator[Any]:
    """What is complained of, few solutions for many complaints, whether departments keep their limits and promises."""
    yield from _too_few(parts, "complaints")
    found = shown_causes(parts)
    if found is None or found.complaints is None:
        return
    yield parts.text(found.complaints.sentence(), parts.say("complaints how"))
    yield [each.sentence() for each in (found.about, found.about_items) if each is not None]
    for each, name in ((found.about, "complaints by dimension"), (found.about_items, "complaints by item")):
        if each is not None:
            yield Table(each, f"{_COMPLAINTS}.complaint_shares", name, on_page=False)
    yield from _clusters(parts, found)
    yield from _stages(parts, found)
    yield from _dates(parts, found)
    yield from _in_their_words(parts, found)


def _clusters(parts: Parts, found: CauseResults) -> Iterator[Any]:
    table = found.clusters
    if table is None:
        return
    yield Heading(parts.say("clusters"))
    yield table.sentence()
    yield parts.picture_of(table, "clusters picture", f"{_COMPLAINTS}.complaint_clusters")
    yield Table(table, f"{_COMPLAINTS}.complaint_clusters", "complaint clusters", on_page=False)


def _departments(parts: Parts, frame: pd.DataFrame) -> set[Any]:
    """Departments with too few complaints to be shown, and those from which they could be worked out."""
    counts = frame[frame["department"] != _EVERYBODY].groupby("department", sort=False)["n"].max().reset_index()
    split = Split(("department",), counts.assign(measure="complaints"), ("n",))
    return {group[0] for group in hidden_groups([split], parts.small.minimum)[0]}


def _of_departments(parts: Parts, table: Any) -> Any:
    """The table without departments that are too small."""
    if "department" not in table.frame:
        return table
    hidden = _departments(parts, table.frame)
    return with_frame(table, table.frame[~table.frame["department"].isin(hidden)]) if hidden else table


def _stages(parts: Parts, found: CauseResults) -> Iterator[Any]:
    if found.stages is None:
        return
    table: StageLimits = _of_departments(parts, found.stages)
    frame = table.frame
    yield Heading(parts.say("stage limits"))
    overall = [(_EVERYBODY, stage) for stage in frame.loc[frame["department"] == _EVERYBODY, "stage"]]
    own = frame[(frame["department"] != _EVERYBODY) & frame["on_time"].notna()].sort_values("on_time", kind="stable")
    worst = [(row["department"], row["stage"]) for _, row in own.head(1).iterrows()]
    yield [table.sentence(department, stage) for department, stage in (*overall, *worst)]
    computed_by = f"{_COMPLAINTS}.stage_limits"
    if "solve" in set(frame["stage"]):
        yield parts.picture_of(table, "stages picture", computed_by)
    yield Table(table, computed_by, "time limits", on_page=False)


def _dates(parts: Parts, found: CauseResults) -> Iterator[Any]:
    if found.dates_kept is None:
        return
    table: PromisesKept = _of_departments(parts, found.dates_kept)
    yield Heading(parts.say("dates kept"))
    yield table.sentence()
    computed_by = f"{_COMPLAINTS}.promises_kept"
    yield parts.picture_of(table, "dates picture", computed_by)
    yield Table(table, computed_by, "promises to those who complained", on_page=False)


def _in_their_words(parts: Parts, found: CauseResults) -> Iterator[Any]:
    """One complaint of every dimension, drawn by lot, without a word on who made it and where."""
    digest = found.digest
    if digest is None or digest.frame.empty:
        return
    frame = digest.frame.drop(columns=[name for name in _NOBODY if name in digest.frame])
    frame = frame[frame["of"] >= parts.small.minimum]
    if frame.empty:
        return
    yield Heading(parts.say("complaints verbatim"))
    yield Table(with_frame(digest, frame), "servqual.focus.verbatim_digest", "complaints verbatim")


# --- do the sources agree ----------------------------------------------------------------------------------


def sources_agree(parts: Parts) -> Iterator[Any]:
    """Survey, inspection, focus groups and complaints side by side, and who is silent where others call."""
    found = shown_causes(parts)
    if found is None or found.triangulation is None or _few_customers(parts):
        return
    table = found.triangulation
    yield parts.text(parts.say("sources how"), table.sentence())
    yield parts.picture_of(table, "sources picture", _TRIANGULATE)
    yield Table(table, _TRIANGULATE, "triangulation", on_page=False)
    if len(table.blind_spots.frame):
        yield Table(table.blind_spots, _TRIANGULATE, "blind spots")
    yield Table(table.agreement, _TRIANGULATE, "agreement of sources", on_page=False)


# --- for other sections ------------------------------------------------------------------------------------


def cause_findings(parts: Parts) -> list[str]:
    """How the customer gap is made up, in one order of steps; nothing where it was not asked.

    What delivery alone loses is an assumption away from what was measured: it is named, not put beside it as a second answer.
    """
    found = shown_causes(parts)
    if found is None or found.plain is None or _few_customers(parts) or found.plain.waterfall is None:
        return []
    said = [_most_lost(parts, found.plain.waterfall)]
    fall = None if found.kept is None or found.diagnosis is None else found.diagnosis.waterfall
    if fall is not None and {"delivery", "perception"} <= set(fall.frame["step"]):
        said.append(parts.say("why assumed", section=parts.say("five gaps")))
    return said


def _most_lost(parts: Parts, fall: Waterfall) -> str:
    rows = fall.rows()
    whole, steps = rows[rows["step"] == "customer"].iloc[0], rows[rows["step"] != "customer"]
    if steps["largest"].isna().all():
        return fall.sentence()
    top = steps.iloc[int(np.nanargmax(steps["largest"].to_numpy(float)))]
    if not fall.is_sure(top["largest"]):  # its own sentence says that the steps can't be told apart
        return fall.sentence()
    names, share = fall.step_words(), _column(fall, "largest")
    told = parts.say(
        "why steps", steps=_steps(parts, fall), step=say(names[top["step"]], parts.language), k=int(whole["items"]),
        whole=NUMBER_COLUMNS["gap"].show(whole["gap"], parts.language), chance=share.show(top["largest"], parts.language),
    )  # fmt: skip
    joined = [say(names[step], parts.language) for step in steps["step"] if "+" in step]
    return parts.text(told, *(parts.say("why joined", steps=each) for each in joined))


def _steps(parts: Parts, fall: Waterfall) -> str:
    """Every step with what it loses; of those that were not told apart, what they lose together."""
    rows, names, signed = fall.rows(), fall.step_words(), NUMBER_COLUMNS["gap"]
    return parts.joined([
        parts.say("step together" if "+" in row["step"] else "step", step=say(names[row["step"]], parts.language),
                  gap=signed.show(row["gap"], parts.language))
        for _, row in rows[rows["step"] != "customer"].iterrows()
    ])  # fmt: skip


def _fall_picture(parts: Parts, fall: Waterfall) -> Any:
    """The waterfall; its sentence stands above it already, so the words for those who can't see it are the steps."""
    said = parts.say("waterfall picture", title=fall.title())
    return parts.picture(fall, parts.text(said, parts.ended(_steps(parts, fall))), _DIAGNOSE)


def measured_causes(parts: Parts) -> set[str]:
    """What need not be listed among the things that were not measured."""
    found = parts.causes
    if found is None:
        return set()
    named = {"managers": found.managers, "staff": found.staff, "standards": found.standards, "promises": found.promises,
             "tickets": found.complaints}  # fmt: skip
    known = {name for name, part in named.items() if part is not None}
    return known


def cause_methods(parts: Parts) -> set[str]:
    """The methods that these sections rest on."""
    found = shown_causes(parts)
    if found is None:
        return set()
    many = not _few_customers(parts)
    fall = None if found.diagnosis is None else found.diagnosis.waterfall
    named = {
        "five gaps": many and found.diagnosis, "waterfall": many and fall, "staff gaps": many and found.staff_gaps,
        "triangulation": many and found.triangulation, "complaint shares": found.about, "complaint clusters": found.clusters,
        "stage limits": found.stages, "dates kept": found.dates_kept,
    }  # fmt: skip
    return {name for name, part in named.items() if part is not None and part is not False}
