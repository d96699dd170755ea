"""What customers told us in focus groups, and what experts would have each dimension weigh beside customers and stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.report.angles import hidden_stores
from servqual.report.document import Heading, Paragraph, Table
from servqual.report.parts import Parts, with_frame
from servqual.report.small_cells import Split, hidden_groups
from survey_design.results import Column, Result, say

if TYPE_CHECKING:
    from servqual.focus import Themes, TouchpointGrid
    from servqual.voices import VoiceResults

_FOCUS = "servqual.focus"
_WEIGHTS = "servqual.index_weights.index_weights"
_COMPARED = "servqual.index_weights.compare_weights"
_TOP = 3  # themes that are told in words
_NOBODY = ["statement", "session", "speaker"]  # columns of quotations that lead to who said it


def told_us(parts: Parts) -> Iterator[Any]:
    """Who spoke, what about, what they want and found, how much is still unheard, whether coders agree, and in their own words."""
    found = parts.voices
    if found is None or found.statements is None:
        return
    if _speakers(found) < parts.small.minimum:
        yield parts.say("voices too few", minimum=parts.small.minimum)
        return
    yield parts.text(found.said.sentence(), parts.say("told us how"))
    yield from _themes(parts, found)
    yield from _demand(parts, found)
    yield from _places(parts, found)
    yield from _segments(parts, found)
    yield from _trust(parts, found)
    yield from _in_their_words(parts, found)
    yield Heading(parts.say("candidate items"))
    yield parts.text(found.items.sentence(), parts.say("candidate items how"))
    yield Table(found.items, f"{_FOCUS}.candidate_items", "candidate items", on_page=False)


def voice_findings(parts: Parts) -> list[str]:
    """What customers want, in a sentence or two; nothing where nobody was asked."""
    found = parts.voices
    said = []
    if found is not None and found.statements is not None and _speakers(found) >= parts.small.minimum:
        said.append(parts.say("most heard", said=found.themes.sentence()))
    beside = found or parts.decisions
    most = None if beside is None else beside.customers.most_points()
    if most is not None and most[1].n >= max(parts.small.minimum, 1):
        label, mean = say(parts.responses.instrument.words()[most[0]], parts.language), most[1]
        said.append(parts.say("most points", dimension=label, points=f"{mean.value:.0f}", interval=mean.interval(parts.language, 0),
                              n=mean.n))  # fmt: skip
    return said


def _speakers(found: VoiceResults) -> int:
    """Who was heard: speakers, or statements where the file names nobody."""
    return int(found.themes.frame["n"].max())


def _themes(parts: Parts, found: VoiceResults) -> Iterator[Any]:
    table = found.themes
    order = table.frame.sort_values("share", ascending=False, kind="stable")
    shown = with_frame(table, order)
    yield [table.sentence(name) for name in order["theme"].head(_TOP)]
    alt = parts.say("themes picture", title=table.title(), percent=parts.percent)
    yield parts.picture(table, parts.text(alt, table.sentence()), f"{_FOCUS}.themes")
    yield Table(shown, f"{_FOCUS}.themes", "themes", on_page=False)


def _demand(parts: Parts, found: VoiceResults) -> Iterator[Any]:
    """Demand beside the present state."""
    if found.demand is None or found.wanted is None:
        return
    yield Heading(parts.say("demand"))
    yield found.demand.sentence()
    yield Table(found.demand, f"{_FOCUS}.demand_and_actual", "demand and actual")
    yield Table(found.wanted, f"{_FOCUS}.demand_and_actual", "demand and actual by code", on_page=False)


@dataclass(frozen=True, eq=False, repr=False)
class GridOnPage(Result):
    """Touchpoints down, elements across: in how many statements both are spoken of."""

    whole: TouchpointGrid = None  # type: ignore[assignment]

    def title(self) -> str:
        return self.whole.title()

    def columns(self) -> tuple[Column, ...]:
        words = self.whole.statements.code_frame.words()
        first = Column("touchpoint", {"en": "touchpoint", "zh": "接触点"}, "text", words)
        return (first, *(Column(name, words[name], "count") for name in self.frame.columns[1:]))

    def note(self) -> str:
        return self.whole.note()


def _places(parts: Parts, found: VoiceResults) -> Iterator[Any]:
    """Where it happens: the grid as a table, all counts in the workbook."""
    if found.grid is None:
        return
    grid = found.grid
    yield Heading(parts.say("touchpoints"))
    yield grid.sentence()
    wide = grid.matrix().reset_index()
    wide.columns.name = None
    yield Table(GridOnPage(wide, parts.language, grid), f"{_FOCUS}.touchpoint_grid", "touchpoint grid")
    yield Table(grid, f"{_FOCUS}.touchpoint_grid", "touchpoints in full", on_page=False)


def shown_segments(parts: Parts, found: VoiceResults) -> Themes | None:
    """Themes by segment without segments of too few speakers; None where fewer than two are left."""
    table = found.segments
    if table is None:
        return None
    shown = with_frame(table, table.frame[~table.frame["segment"].isin(_few(parts, table))])
    return shown if shown.frame["segment"].nunique() > 1 else None


def _few(parts: Parts, table: Themes) -> set[Any]:
    """Segments that are too small to be shown, and those from which they could be worked out."""
    counts = table.frame.groupby("segment", sort=False)["n"].max().reset_index()
    split = Split(("segment",), counts.assign(measure="speakers"), ("n",))
    return {group[0] for group in hidden_groups([split], parts.small.minimum)[0]}


def _segments(parts: Parts, found: VoiceResults) -> Iterator[Any]:
    """Where segments differ most."""
    if found.segments is None:
        return
    yield Heading(parts.say("segments"))
    table = shown_segments(parts, found)
    if table is None:
        yield parts.say("segments too few", minimum=parts.small.minimum)
        return
    wide = table.frame.pivot(index="theme", columns="segment", values="share")
    apart = (wide.max(axis=1) - wide.min(axis=1)).to_numpy(float)
    theme = str(wide.index[int(np.nanargmax(apart))])
    row = wide.loc[theme].dropna()
    yield parts.say("segments how")
    yield [table.sentence(theme, segment=name) for name in (row.idxmax(), row.idxmin())]
    yield Table(table, f"{_FOCUS}.themes", "themes by segment", on_page=False)


def _trust(parts: Parts, found: VoiceResults) -> Iterator[Any]:
    """Whether enough was heard, and whether two coders code alike."""
    heard = found.saturation
    yield Heading(parts.say("unheard"))
    yield heard.sentence()
    if len(heard.frame) > 1:
        alt = parts.say("unheard picture", title=heard.title())
        yield parts.picture(heard, parts.text(alt, heard.sentence()), f"{_FOCUS}.saturation")
    yield Table(heard, f"{_FOCUS}.saturation", "saturation", on_page=False)
    yield Heading(parts.say("coders"))
    if found.coders is None:
        yield Paragraph(parts.say("one coder"), "caution")
        return
    yield found.coders.sentence()
    yield Table(found.coders, f"{_FOCUS}.coder_agreement", "coder agreement", on_page=False)


def _in_their_words(parts: Parts, found: VoiceResults) -> Iterator[Any]:
    """Quotations that nobody picked, without a word on who said them; those of segments that are shown."""
    digest = found.digest
    frame = digest.frame.drop(columns=_NOBODY)
    if found.segments is not None:
        frame = frame[~frame["segment"].isin(_few(parts, found.segments))]
    if frame.empty:
        return
    yield Heading(parts.say("verbatim"))
    yield Table(with_frame(digest, frame), f"{_FOCUS}.verbatim_digest", "verbatim digest")


# --- experts -----------------------------------------------------------------------------------------------


def experts(parts: Parts) -> Iterator[Any]:
    """What experts agreed on, what customers say, what the stores' spread says; and what the choice does to the ranking."""
    found = parts.voices
    if found is None or found.weights is None:
        return
    weights = found.weights
    yield parts.text(parts.say("experts how"), weights.sentence())
    if weights.rounds is not None:
        rounds = weights.rounds.in_language(parts.language)
        yield parts.text(parts.say("rounds how"), rounds.sentence())
        yield Table(rounds, _WEIGHTS, "rounds of experts")
    yield Table(weights, _WEIGHTS, "weights of experts", on_page=False)
    compared = found.compared(hidden_stores(parts, _interviews(found), found.customers.by, None))
    if compared is None:
        return
    yield Heading(parts.say("weights compared"))
    yield parts.text(parts.say("weights compared how"), compared.sentence())
    alt = parts.say("weights picture", title=compared.title())
    yield parts.picture(compared, parts.text(alt, compared.sentence()), _COMPARED)
    yield Table(compared, _COMPARED, "weights compared")
    if compared.rankings is not None:
        yield Table(compared.rankings, _COMPARED, "rankings by weights", on_page=False)


def _interviews(found: VoiceResults) -> pd.DataFrame:
    """How many customers every store has: by ``store`` and ``n``."""
    by, sides = found.customers.by, found.customers.responses.sides
    side = next((each for each in sides if "perception" in each.forms and by in each.columns), None)
    counts = pd.Series(dtype=int) if side is None else side.frame[by].value_counts(sort=False)
    return pd.DataFrame({by: counts.index, "n": counts.to_numpy()})


def voice_methods(parts: Parts) -> set[str]:
    """The methods that these sections rest on."""
    found = parts.voices
    if found is None:
        return set()
    used: set[str] = set()
    if found.statements is not None:
        used |= {"themes", "saturation", "digest", "candidate items"}
        named = {"demand": found.demand, "touchpoints": found.grid, "coder agreement": found.coders}
        used |= {name for name, part in named.items() if part is not None}
    if found.weights is not None:
        used |= {"experts", "weights compared"}
    return used
