"""The service as a whole: what explains it, how many are satisfied, how many would recommend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.report.document import Table
from servqual.report.parts import Parts, with_frame

if TYPE_CHECKING:
    from servqual.instruments import Outcome

_CRITERION = "servqual.criterion.compare_scores"
_FEWEST = 20  # respondents from whom a share of variance is worth a line


def outcomes(parts: Parts) -> Iterator[Any]:
    """Which score explains the judgement of the whole best; satisfaction; recommendation."""
    enough, few = _asked(parts)
    yield from _explained(parts, enough)
    if "satisfaction" in enough:
        yield from _satisfied(parts)
    for outcome in filter(_is_recommendation, enough.values()):
        yield from _recommended(parts, outcome)
    if few:
        yield parts.say("questions left out", n=few, minimum=parts.small.minimum)


def outcome_methods(parts: Parts) -> Iterator[str]:
    """The methods that these tables rest on."""
    enough, _ = _asked(parts)
    if _explained_outcome(parts, enough):
        yield "explained"
    if "satisfaction" in enough:
        yield "csat"
    if any(map(_is_recommendation, enough.values())):
        yield "nps"


def _asked(parts: Parts) -> tuple[dict[str, Outcome], int]:
    """Questions about the whole that enough people answered, and how many too few did."""
    counts = [(outcome, _answers(parts, outcome)) for outcome in parts.responses.instrument.outcomes]
    least = max(parts.small.minimum, 1)
    return {outcome.id: outcome for outcome, n in counts if n >= least}, sum(0 < n < least for _, n in counts)


def _answers(parts: Parts, outcome: Outcome) -> int:
    frame = parts.responses.frame
    return int(frame[outcome.column].notna().sum()) if outcome.column in frame else 0


def _is_recommendation(outcome: Outcome) -> bool:
    return (outcome.scale.low, outcome.scale.high) == (0, 10)


def _explained_outcome(parts: Parts, asked: dict[str, Outcome]) -> str:
    """The judgement of the whole, or satisfaction where that was not asked; empty where too few say both."""
    name = next((name for name in ("overall_quality", "satisfaction") if name in asked), "")
    side = parts.responses
    if not name or "perception" not in side.forms:
        return ""
    forms = [form for form in side.forms if form != "disconfirmation"]
    answers = pd.concat([side.frame[asked[name].column], *(side.answers(form) for form in forms)], axis=1)
    return name if answers.notna().all(axis=1).sum() >= max(parts.small.minimum, _FEWEST) else ""


def _explained(parts: Parts, asked: dict[str, Outcome]) -> Iterator[Any]:
    """Which score says most about the judgement of the whole."""
    from servqual.criterion import compare_scores

    name = _explained_outcome(parts, asked)
    if not name:
        return
    found = compare_scores(parts.responses, name, level=parts.level, adjust=parts.adjust).in_language(parts.language)
    yield parts.say("explained how" if len(found.pairs.frame) else "explained alone")
    yield found.sentences()
    measured = found.frame[~found.frame["reason"].str.startswith("needs ")]
    yield Table(with_frame(found, measured), _CRITERION, "explained")
    if len(found.pairs.frame):
        yield Table(found.pairs, _CRITERION, "explained pairs")
    if found.weights is not None:
        yield Table(found.weights, _CRITERION, "free weights")


def _satisfied(parts: Parts) -> Iterator[Any]:
    from servqual.shares import score_csat

    table = score_csat(parts.responses, level=parts.level).in_language(parts.language)
    row = table.row()
    plain, weighted = (f"{100 * share:.0f}%" for share in (row["successes"] / row["n"], row["share"]))
    yield parts.text(table.sentence(), "" if plain == weighted else parts.say("weighted share", plain=plain))
    yield Table(table, "servqual.shares.score_csat", "satisfaction")


def _recommended(parts: Parts, outcome: Outcome) -> Iterator[Any]:
    from servqual.shares import score_nps

    table = score_nps(parts.responses, outcome=outcome.id, level=parts.level).in_language(parts.language)
    yield table.sentence()
    yield Table(table, "servqual.shares.score_nps", f"recommendation {outcome.id}")
