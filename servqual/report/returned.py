"""What was asked and what came back: questions, rows and answers accounted for, personal data, the answers themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from servqual.report.document import Paragraph, Table
from servqual.report.listings import faulty_cells, item_words, kept_names, personal_data, without_personal_data
from servqual.report.parts import READ, Parts, with_frame
from servqual.report.words import word
from servqual.responses import Responses
from survey_design.results import say

_SPREAD = "servqual.distributions.answer_distribution"
_CELLS = 50
_MOST_VALUES = 11  # of a scale whose answers are shown one by one
_FEWEST = 10  # respondents among whom careless answers are looked for


def asked(parts: Parts) -> Iterator[Any]:
    """The questionnaire, its forms and files, and how people were chosen."""
    responses = parts.responses
    sides = sides_of(responses)
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
    yield parts.say(responses.pairing if parts.gaps else "levels of one person" if parts.zones else "perceptions alone")
    if responses.unmatched:
        yield parts.say("unmatched", items=parts.joined(_unmatched(responses)))
    if parts.caution:
        yield Paragraph(parts.caution, "caution")
    yield Table(item_words(responses, parts.language), "servqual.instruments.load_instrument", "item_words")


def sides_of(responses: Responses) -> list[tuple[str, Responses]]:
    """Each file under the name of the form it brings."""
    if responses.expectation is not None:
        return [("expectation", responses.expectation), ("perception", responses)]
    if len(responses.forms) > 2 or "desired" in responses.forms:
        return [("all forms", responses)]
    return [("both" if responses.pairing == "paired" else "perception", responses)]


def _unmatched(responses: Responses) -> list[str]:
    named = []
    for form, item in responses.unmatched:
        side = responses.expectation if form == "expectation" and responses.expectation else responses
        label, asked = say(side.instrument.item(item).label, side.language), word(form, side.language)
        named.append(f"{label}（{item}，{asked}）" if side.language == "zh" else f"{label} ({item}, {asked})")
    return named


# --- what came back ----------------------------------------------------------------------------------------


def came_back(parts: Parts) -> Iterator[Any]:
    """Where every row and answer went, what was masked, and how the answers are spread."""
    yield parts.say("ledger how")
    sides = sides_of(parts.responses)
    for form, side in sides:
        yield Table(side.ledger, READ, f"ledger {form}")
    cases = pd.concat([side.cases for _, side in sides], ignore_index=True)
    if cases.empty:
        yield parts.say("no faults")
    else:
        yield parts.say("faults", n=len(cases))
        cases = without_personal_data(cases, kept_names(parts.responses.sides))
        yield Table(faulty_cells(cases, parts.language), READ, "faulty_cells", rows=_CELLS)
    yield from _personal(parts, sides)
    yield from _answers(parts)
    yield from _careless(parts)


def _personal(parts: Parts, sides: Sequence[tuple[str, Responses]]) -> Iterator[Any]:
    """How many cells of which kind were masked; never what stood there."""
    found = [(side.source.name, side.personal_data) for _, side in sides if side.personal_data is not None]
    if any(len(data.frame) for _, data in found):
        yield parts.text(*(data.in_language(parts.language).sentence() for _, data in found if len(data.frame)))
        yield Table(personal_data(found, parts.language), "servqual.privacy.mask_personal_data", "personal_data")
    elif found:
        yield parts.say("no personal data")
    if len(found) < len(sides):
        yield parts.say("personal data kept")


def _answers(parts: Parts) -> Iterator[Any]:
    """How the answers are spread over the scale, with don't know beside them."""
    from servqual.distributions import answer_distribution

    side = parts.responses
    scale = side.instrument.scale
    if "perception" not in side.forms or scale.high - scale.low >= _MOST_VALUES:
        return
    spread = answer_distribution(side, level=parts.level).in_language(parts.language)
    few = parts.small.is_few(spread.frame, ["n"])
    shown = with_frame(spread, spread.frame[~few])
    if len(shown.frame):
        yield parts.say("answers how")
        alt = parts.text(parts.say("answers picture", title=shown.title()), shown.sentence(_lowest(shown.frame)))
        yield parts.picture(shown, alt, _SPREAD)
        yield Table(shown, _SPREAD, "answers", on_page=False)
    if few.any():
        yield parts.say("items left out", n=spread.frame[few]["item"].nunique(), minimum=parts.small.minimum)


def _lowest(frame: pd.DataFrame) -> str:
    """The item with the lowest mean."""
    mean = (frame["value"] * frame["share"]).groupby(frame["item"], sort=False).sum(min_count=1)
    return str(mean.idxmin()) if mean.notna().any() else str(frame["item"].iloc[0])


def _careless(parts: Parts) -> Iterator[Any]:
    """How many show signs of not having read the questions; they stay in the data."""
    from servqual.careless import flag_careless

    if sum(side.n for side in parts.responses.sides) < _FEWEST:
        return
    flags = flag_careless(parts.responses).in_language(parts.language)
    yield parts.text(flags.sentence(), parts.say("careless how"))
