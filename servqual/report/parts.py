"""What the sections of a report are written from: results that may be shown, and the words around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pandas as pd

from servqual.report.document import Paragraph, Picture
from servqual.report.findings import is_clear, untested
from servqual.report.small_cells import SmallCells, drawn
from servqual.report.words import word
from servqual.responses import Responses
from survey_design.files.table import Source
from survey_design.results import Language, Result, Text, say

if TYPE_CHECKING:
    from servqual.causes import CauseResults
    from servqual.comparability import Comparability
    from servqual.comparison import Comparison
    from servqual.decisions import DecisionResults
    from servqual.gaps import GapScores, PerformanceScores
    from servqual.inference import Adjust
    from servqual.inspections import InspectionResults
    from servqual.measures import Missing
    from servqual.stores import StoreEstimates
    from servqual.tolerance import ToleranceScores
    from servqual.validity import Validity
    from servqual.voices import VoiceResults

Shown = TypeVar("Shown", bound=Result)
Made = TypeVar("Made")

ROWS = 60  # of a table, on the page
SCORE = "servqual.gaps.score_gaps"
READ = "servqual.responses.read_responses"


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


@dataclass(frozen=True, eq=False)
class Parts:
    """The results of a study; gaps and comparisons without what is too small to be shown.

    Attributes
    ----------
    gaps : everybody first, then one per split; empty where the study has no gaps
    zones, stores : as they were computed: their sections leave out what ``small`` says
    performance : perceptions alone, everybody first, where that is all the study asks
    validity : what the gate says of the dimensions; None where they were not tested, ``untested`` says why they couldn't be
    comparability : split column -> whether its groups may be compared
    small : which groups are left out
    inspection, voices, causes, decisions : what mystery shoppers found, what people said, what stands behind the gaps, what is to be
        decided; None where the study has none of it
    """

    responses: Responses
    gaps: tuple[GapScores, ...]
    comparisons: tuple[Comparison, ...]
    zones: tuple[ToleranceScores, ...]
    stores: StoreEstimates | None
    small: SmallCells
    language: Language
    provenance: Provenance
    performance: tuple[PerformanceScores, ...] = ()
    validity: Validity | None = None
    untested: Text = field(default_factory=dict)
    comparability: Mapping[str, Comparability] = field(default_factory=dict)
    inspection: InspectionResults | None = None
    voices: VoiceResults | None = None
    causes: CauseResults | None = None
    decisions: DecisionResults | None = None
    _computed: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        responses: Responses,
        gaps: Sequence[GapScores],
        comparisons: Sequence[Comparison],
        zones: Sequence[ToleranceScores],
        stores: StoreEstimates | None,
        minimum_base: int,
        language: Language,
        provenance: Provenance | None,
        performance: Sequence[PerformanceScores] = (),
        missing: Missing | None = None,
        *,
        validity: Validity | None = None,
        untested: Text | None = None,
        comparability: Mapping[str, Comparability] | None = None,
        inspection: InspectionResults | None = None,
        voices: VoiceResults | None = None,
        causes: CauseResults | None = None,
        decisions: DecisionResults | None = None,
    ) -> Parts:
        """The results in one language, groups that are too small blanked."""
        from servqual.measures import Missing

        small = SmallCells.of(minimum_base, gaps, zones, stores, responses, performance)
        rule = missing or Missing()
        return cls(
            responses.in_language(language),
            tuple(small.gaps(scores).in_language(language) for scores in gaps),
            tuple(small.comparison(comparison).in_language(language) for comparison in comparisons),
            tuple(scores.in_language(language) for scores in zones),
            None if stores is None else stores.in_language(language),
            small,
            language,
            provenance or Provenance(tuple(side.source for side in responses.sides)),
            tuple(small.performance(scores, responses, rule).in_language(language) for scores in performance),
            None if validity is None else validity.in_language(language),
            untested or {},
            comparability or {},
            None if inspection is None else inspection.in_language(language),
            None if voices is None else voices.in_language(language),
            None if causes is None else causes.in_language(language),
            None if decisions is None else decisions.in_language(language),
        )

    def once(self, name: str, compute: Callable[[], Made]) -> Made:
        """What several sections ask for, computed for the first of them."""
        if name not in self._computed:
            self._computed[name] = compute()
        return cast("Made", self._computed[name])

    @property
    def overall(self) -> GapScores:
        return self.gaps[0]

    @property
    def first(self) -> GapScores | ToleranceScores | PerformanceScores:
        """The scores of everybody: gaps, else zones of tolerance, else perceptions alone."""
        return self.gaps[0] if self.gaps else self.zones[0] if self.zones else self.performance[0]

    @property
    def level(self) -> float:
        """Confidence of the intervals."""
        return self.first.level

    @property
    def percent(self) -> str:
        return f"{100 * self.level:g}%"

    @property
    def interval(self) -> Any:
        """How the intervals were made."""
        return self.first.interval

    @property
    def adjust(self) -> Adjust:
        if not self.gaps and not self.zones:
            return "none"  # perceptions alone are not tested
        adjust: Adjust = (self.gaps or self.zones)[0].dimensions.adjust
        return adjust

    @property
    def caution(self) -> str:
        """What the intervals leave out; empty where selection was by probability."""
        first = self.gaps or self.zones
        return str(first[0].dimensions.caution if first else self.performance[0].caution)

    def narrow(self, *named: tuple[str, Any]) -> str:
        """That intervals of these tables are too narrow, and in which rows; empty where none is.

        ``named`` are tables after what they are called, which is said where no rows are.
        """
        from servqual.inference import NARROW

        found = [(name, rows) for name, table in named for rows in narrow_rows(table, self.language)]
        if not found:
            return ""
        colon, *glue = ("：", "（", "；", "）") if self.language == "zh" else (": ", " (", "; ", ")")
        places = [colon.join(filter(None, each)) for each in found]
        inside = glue[1].join(dict.fromkeys(place for place in places if place))
        said = say(NARROW, self.language).format(rows=f"{glue[0]}{inside}{glue[2]}" if inside else "")
        return f"{said[0].upper()}{said[1:]}{'。' if self.language == 'zh' else '.'}"

    def warned(self, *named: tuple[str, Any]) -> Iterator[Paragraph]:
        """The same in a box."""
        said = self.narrow(*named)
        if said:
            yield Paragraph(said, "caution")

    @property
    def narrow_anywhere(self) -> str:
        """The same of the tables of everybody and of every split."""
        scores = [(each.by, each.dimensions) for each in (*self.gaps, *self.zones)]
        scores += [(each.by, each) for each in self.performance]
        named = [(self.heading(by) if by else self.say("everybody"), table) for by, table in scores]
        return self.narrow(*named, *((self.heading((each.by,)), each) for each in self.comparisons))

    @property
    def reasons(self) -> str:
        """Why dimensions could not be tested."""
        return self.joined(list(untested(self.overall.dimensions)), "；", "; ")

    def say(self, key: str, **values: Any) -> str:
        return word(key, self.language, **values)

    def joined(self, texts: Sequence[str], zh: str = "、", en: str = ", ") -> str:
        return (zh if self.language == "zh" else en).join(texts)

    def text(self, *sentences: str) -> str:
        """Sentences one after the other."""
        return self.joined([sentence for sentence in sentences if sentence], "", " ")

    def ended(self, text: str) -> str:
        """A remark as a sentence of its own."""
        return f"{text[0].upper()}{text[1:]}{'。' if self.language == 'zh' else '.'}"

    def heading(self, by: Sequence[str]) -> str:
        """What the columns of a split are called."""
        return self.joined([self.responses.column_of(name).heading(self.language) for name in by])

    def is_clear(self, frame: pd.DataFrame) -> pd.Series:
        """Rows whose corrected p excludes chance at the level of the intervals."""
        return is_clear(frame, self.level)

    def drawn(self, table: Shown, by: Sequence[str] = ()) -> Shown:
        """The table as it is drawn: without rows that are left out."""
        return drawn(table, by, self.small)

    def picture(self, result: Any, alt: str, computed_by: str) -> Picture:
        """The picture that a result draws of itself."""

        def draw() -> Any:
            from servqual.plots import new_axes

            return result.plot(new_axes())

        return Picture(draw, alt, computed_by)

    def picture_of(self, result: Any, key: str, computed_by: str) -> Picture:
        """The same, told with words of the report and the result's own sentence."""
        said = self.say(key, title=result.title(), percent=self.percent)
        return self.picture(result, self.text(said, result.sentence()), computed_by)

    def left_out(self, by: Sequence[str], all_groups: int, key: str = "groups left out") -> str:
        """How many groups of a split are left out and why, in words that may be published; empty if none is."""
        hidden = self.small.groups(by)
        if not hidden:
            return ""
        named = {"by": self.heading(by), "n": len(hidden), "all": all_groups, "minimum": self.small.floor(by)}
        return self.say(key, **named)


def narrow_rows(table: Any, language: Language) -> list[str]:
    """The rows of a table whose intervals are too narrow, as its remark names them: "" for all; empty if none is."""
    from servqual.inference import NARROW

    before, after = say(NARROW, language).split("{rows}")
    remarks = (say(remark, language) for remark in table.remarks)
    told = [said for said in remarks if said.startswith(before) and said.endswith(after)]
    return [said.removeprefix(before).removesuffix(after).strip().strip("()（）") for said in told]


def with_frame(result: Shown, frame: pd.DataFrame) -> Shown:
    """The same result with some of its rows."""
    return replace(result, frame=frame.reset_index(drop=True))
