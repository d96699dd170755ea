"""Is the scale sound? What the answers say of the dimensions, and whether groups answer with the same ruler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from servqual.report.document import Heading, Paragraph, Table
from servqual.report.parts import Parts
from survey_design.results import Column, Language, Result, say

if TYPE_CHECKING:
    from servqual.comparability import Comparability

_GATE = "servqual.validity.validity"
_CONSISTENCY = "servqual.psychometrics.internal_consistency"
_COUNT = "servqual.factor_count.factor_count"
_MODEL = "servqual.cfa.confirm_factors"
_INVARIANCE = "servqual.invariance.invariance"
_OWN = (
    "importance",
    "validity",
    "consistency",
    "factor count",
    "loadings",
    "fit",
    "pairs",
    "invariance",
    "themes",
    "candidate items",
    "complaints",
    "triangulation",
    "blind spots",
    "provider gaps",
)  # codes of what was said have dimensions of their own


@dataclass(frozen=True, eq=False, repr=False)
class Below(Result):
    """A table with a line under it on what its dimensions are worth."""

    whole: Result = None  # type: ignore[assignment]
    line: str = ""

    def title(self) -> str:
        return self.whole.title()

    def columns(self) -> tuple[Column, ...]:
        return self.whole.columns()

    def note(self) -> str:
        return ("" if self.language == "zh" else " ").join(filter(None, (self.whole.note(), self.line)))

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language, whole=self.whole.in_language(language))


def with_verdict(block: Table, parts: Parts) -> Table:
    """A table of dimensions with the verdict on them below; any other as it is."""
    columns = set(block.result.frame.columns)
    if parts.validity is None or "dimension" not in columns or "item" in columns or block.name.startswith(_OWN):
        return block
    by = getattr(block.result, "by", ())
    asked = by if isinstance(by, tuple) else ()
    groups = [parts.comparability[name].sentence() for name in asked if name in parts.comparability]
    groups += [each.sentence() for each in parts.comparability.values() if each.of_forms and "gap" in columns]
    line = parts.text(parts.validity.line(), *groups)
    return replace(block, result=Below(block.result.frame, parts.language, block.result, line))


def soundness_findings(parts: Parts) -> list[str]:
    """What stands in the way of reading the dimensions, or of comparing groups; nothing where nothing does."""
    found, k = parts.validity, len(parts.responses.instrument.dimensions)
    said = []
    if found is None and k > 1:
        why = say(parts.untested, parts.language) if parts.untested else ""
        said.append(parts.say("structure untested", k=k, reason=why) if why else parts.say("structure open", k=k))
    elif found is not None and found.verdict() != "separate":
        said.append(found.line())
    return [*said, *(each.sentence() for each in parts.comparability.values() if not each.comparable)]


def scale_line(parts: Parts) -> str:
    """That every dimension may stand by itself; empty where that is among the things not settled, or may not be shown."""
    found = parts.validity
    if found is None or found.verdict() != "separate" or found.matrix.n < parts.small.minimum:
        return ""
    return found.line()


def soundness(parts: Parts) -> Iterator[Any]:
    """The verdict first, then what it rests on."""
    found = parts.validity
    if found is None:
        return
    if found.matrix.n < parts.small.minimum:
        yield parts.say("sound too few", minimum=parts.small.minimum)
        return
    yield parts.say("sound how")
    yield [found.sentence(dimension) for dimension in found.frame["dimension"]]
    yield from (Paragraph(parts.ended(say(problem, parts.language)), "caution") for problem in found.problems)
    if found.deciding()["reliability"].notna().any():
        yield parts.picture(found, parts.say("sound picture", title=found.title(), said=found.line()), _GATE)
    numbers = replace(found, frame=found.frame.drop(columns=["why_en", "why_zh"]))  # the reasons stand above
    yield Table(numbers, _GATE, "validity")
    yield Table(found, _GATE, "validity with reasons", on_page=False)
    yield Heading(parts.say("consistency"))
    yield parts.say("consistency how")
    yield Table(found.consistency, _CONSISTENCY, "consistency")
    yield from _counted(parts)
    yield from _model(parts)
    for number, (by, each) in enumerate(parts.comparability.items()):
        yield Heading(parts.say("ruler forms") if each.of_forms else parts.say("ruler", by=parts.heading((by,))))
        how = parts.say("ruler forms how") if each.of_forms else "" if number else parts.say("ruler how")
        yield parts.text(how, each.sentence())
        yield from _groups(parts, by, each)


def _counted(parts: Parts) -> Iterator[Any]:
    """How many factors rise above chance."""
    if parts.validity is None or parts.validity.count is None:
        return
    count = parts.validity.count.in_language(parts.language)
    yield Heading(parts.say("factor count"))
    yield parts.text(parts.say("count how"), count.sentence())
    if count.scree["eigenvalue"].notna().any():
        yield parts.picture(count, parts.say("count picture", title=count.title(), said=count.sentence()), _COUNT)
    yield Table(count, _COUNT, "factor count")


def _model(parts: Parts) -> Iterator[Any]:
    """The model of the dimensions as designed: its fit, what the items load, how alike the dimensions are."""
    if parts.validity is None or parts.validity.designed.model is None:
        return
    model = parts.validity.designed.model.in_language(parts.language)
    yield Heading(parts.say("model"))
    yield parts.text(parts.say("model how"), model.sentence())
    yield parts.picture(model, parts.say("model picture", title=model.title(), said=model.sentence()), _MODEL)
    yield Table(model, _MODEL, "loadings", on_page=False)
    yield Table(model.fit(), _MODEL, "fit")
    if len(model.factors) > 1:
        yield parts.say("pairs how")
        yield Table(model.distinctness(), _MODEL, "pairs")


def _groups(parts: Parts, by: str, found: Comparability) -> Iterator[Any]:
    """The ladder of one split; sizes of groups only where all may be shown."""
    ladder = found.invariance
    if ladder is None:
        return
    if parts.small.groups((by,)) or min(found.sizes.values()) < parts.small.minimum:
        yield Paragraph(parts.say("ruler hidden"), "note")
        return
    ladder = ladder.in_language(parts.language)
    if ladder.frame["cfi"].notna().any():
        alt = parts.say("ruler picture", title=ladder.title(), said=found.sentence())
        yield parts.picture(ladder, alt, _INVARIANCE)
    yield Table(ladder, _INVARIANCE, f"invariance by {by}")


def soundness_methods(parts: Parts) -> set[str]:
    """The methods that this section rests on."""
    if parts.validity is None:
        return set()
    used = {"gate", "consistency"} | ({"factor count"} if parts.validity.count is not None else set())
    used |= {"model", "distinct"} if parts.validity.designed.model is not None else set()
    return used | (
        {"invariance"} if any(each.invariance is not None for each in parts.comparability.values()) else set()
    )
