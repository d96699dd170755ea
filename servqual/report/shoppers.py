"""What mystery shoppers saw: scores with their errors, vetoes, compliance, coverage, kinds of visits; and every store they saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from servqual.report.angles import shown_agreement, shown_angles
from servqual.report.document import Heading, Paragraph, Table
from servqual.report.groups import ends, ranks
from servqual.report.listings import noted
from servqual.report.parts import ROWS, Parts, with_frame
from servqual.report.words import word, words
from survey_design.results import Result

if TYPE_CHECKING:
    from servqual.inspections import InspectionResults
    from servqual.mystery.effects import VisitDifferences

_SCORE = "servqual.mystery.scores.score_visits"
_TABLES = "servqual.mystery.tables"
_EFFECTS = "servqual.mystery.effects.visit_differences"
_STANDINGS = "servqual.mystery.standings.store_standings"
_BEST = "servqual.best_stores.benchmark_stores"
_READ = "servqual.mystery.visits.read_visits"
_DRAWN = 80  # stores in one picture
_ITEMS = 20  # items on the page, the worst first


def visit_findings(parts: Parts) -> list[str]:
    """What visits found, in three sentences at most."""
    found = parts.inspection
    if found is None:
        return []
    tables = [shown_angles(parts)[0], shown_agreement(parts)[0]]
    return [found.scores.sentence(), *(table.sentence() for table in tables if table is not None and len(table.frame))]


def shoppers(parts: Parts) -> Iterator[Any]:
    """Scores first, then what took points off, then how the visits were made."""
    found = parts.inspection
    if found is None:
        return
    yield parts.say("shoppers how", visits=repr(found.visits), kind=_kind(parts, found))
    yield _findings(found)
    scores = found.scores
    shown = with_frame(scores, scores.frame[scores.frame["part"] != "item"])
    yield parts.picture(
        shown,
        parts.text(parts.say("visit scores picture", title=scores.title(), percent=parts.percent), scores.sentence()),
        _SCORE,
    )
    yield Table(shown, _SCORE, "visit scores")
    if found.by_group is not None and found.within:
        heading = scores.visits.column_of(found.within).heading(parts.language)
        yield Heading(parts.say("by", by=heading))
        totals = found.by_group.frame[found.by_group.frame["part"] == "total"]
        yield [found.by_group.sentence(**{found.within: value}) for value in totals[found.within]]
        if len(totals) > 1:
            yield parts.picture(
                found.by_group,
                parts.text(parts.say("visit map", title=found.by_group.title()), scores.sentence()),
                _SCORE,
            )
        yield Table(
            noted(found.by_group, parts.say("note above")), _SCORE, f"visit scores by {found.within}", on_page=False
        )
    yield from _violations(parts, found)
    yield from _covered(parts, found)
    yield from _kinds(parts, found)
    yield Table(found.visits.ledger, _READ, "visit ledger")


def _kind(parts: Parts, found: InspectionResults) -> str:
    """Which visits scores are made of, where there are two kinds."""
    if not found.mixed:
        return ""
    mode = found.visits.column_of("mode").show(found.inspection.mode, parts.language)
    return parts.say("one mode", mode=mode, n=found.scored.n)


def _findings(found: InspectionResults) -> list[str]:
    """The total, the best and the worst category."""
    frame = found.scores.frame
    order = frame[frame["part"] == "category"].dropna(subset="score").sort_values("score", kind="stable")
    named = list(dict.fromkeys([*order["id"].head(1), *order["id"].tail(1)]))
    return [found.scores.sentence(), *(found.scores.sentence(name, "category") for name in named)]


def _violations(parts: Parts, found: InspectionResults) -> Iterator[Any]:
    """Vetoes, and how often each item was met. The log names no inspector."""
    log = found.scores.veto_log()
    yield Heading(parts.say("vetoes"))
    yield parts.text(log.sentence(), parts.say("vetoes how"))
    yield Table(with_frame(log, log.frame.drop(columns="inspector", errors="ignore")), f"{_TABLES}.veto_log", "veto log",
                on_page=False)  # fmt: skip
    yield Heading(parts.say("compliance"))
    items = found.scores.compliance(worst_first=True)
    yield [items.sentence(name) for name in items.frame.dropna(subset="share")["id"].head(3)]
    yield Table(
        noted(items, items.noted(words()["worst first"], *items.about())),
        f"{_TABLES}.compliance",
        "compliance",
        rows=_ITEMS,
    )


def _covered(parts: Parts, found: InspectionResults) -> Iterator[Any]:
    """How much of the weight was applicable."""
    covered = found.scores.coverage()
    yield Heading(parts.say("coverage"))
    whole, least = covered.frame.iloc[0], covered.frame[covered.frame["part"] == "category"].nsmallest(1, "coverage")
    names = {column.name: column for column in covered.columns()}
    yield parts.say("coverage how", share=names["coverage"].show(whole["coverage"], parts.language),
                    least=names["id"].show(least["id"].iloc[0], parts.language),
                    part=names["coverage"].show(least["coverage"].iloc[0], parts.language))  # fmt: skip
    yield Table(covered, f"{_TABLES}.coverage", "coverage", rows=int((covered.frame["part"] != "indicator").sum()))


def _kinds(parts: Parts, found: InspectionResults) -> Iterator[Any]:
    """Scenarios in balance or not; announced visits, agencies and scenarios compared."""
    if "scenario" in found.scores.visits.frame:
        yield Heading(parts.say("scenarios"))
        balance = found.scores.scenario_balance(by=found.within)
        tone = "caution" if balance.frame["alert"].iloc[0] == "enquiries" else ""
        yield Paragraph(balance.sentence(), tone)
        if len(balance.alerts):
            yield Paragraph(parts.say("scenario alert", n=len(balance.alerts)), "caution")
        yield Table(balance, f"{_TABLES}.scenario_balance", "scenarios")
    if found.differences:
        yield Heading(parts.say("kinds of visits"))
        yield parts.say("kinds how")
    for each in found.differences:
        yield _pairs(each)
        yield Table(noted(each, each.noted(*each.about())), _EFFECTS, f"visits by {each.by}")


def _pairs(table: VisitDifferences) -> list[str]:
    frame = table.frame[table.frame["id"] == "total"]
    return [table.sentence(first, second) for first, second in zip(frame[table.by], frame["against"], strict=True)]


# --- stores ------------------------------------------------------------------------------------------------


def visited_stores(parts: Parts) -> Iterator[Any]:
    """Every store as visits saw it, how open ranks are, and in every group the store that others may learn from."""
    found = parts.inspection
    if found is None:
        return
    table = found.standings
    frame = table.frame.sort_values("rank", kind="stable", na_position="last")
    shown = with_frame(table, frame)
    yield parts.text(table.sentence(), parts.say("visited how"))
    yield from ranks(parts, frame, int(frame["rank"].notna().sum()))
    if found.inspection.threshold is not None and frame["passing"].notna().any():
        sure = {
            "passed": int((frame["passing"] >= parts.level).sum()),
            "failed": int((frame["passing"] <= 1 - parts.level).sum()),
        }
        yield parts.say("passing", k=len(frame), threshold=f"{found.inspection.threshold:g}", percent=parts.percent,
                        open=len(frame) - sum(sure.values()), **sure)  # fmt: skip
    yield [table.sentence(store) for store in ends(frame, table.by)]
    if len(frame) <= _DRAWN:
        yield parts.picture(shown, parts.say("stores picture", title=table.title(), percent=parts.percent), _STANDINGS)
    yield Table(shown, _STANDINGS, "visited stores", rows=ROWS)
    yield from _benchmarks(parts, found)


def _benchmarks(parts: Parts, found: InspectionResults) -> Iterator[Any]:
    best = found.benchmarks
    if best is None:
        return
    yield Heading(parts.say("benchmarks"))
    yield parts.say("benchmarks how")
    yield [best.sentence(tier) for tier in best.tiers[best.within]]
    yield from _disliked(parts, found)
    yield parts.picture(
        best,
        parts.text(
            parts.say("benchmarks picture", title=best.title(), percent=parts.percent),
            best.sentence(best.tiers[best.within].iloc[0]),
        ),
        _BEST,
    )
    chosen = best.frame[best.frame["benchmark"]].drop(
        columns=["benchmark", "distance", "distance_low", "distance_high"]
    )
    yield Table(noted(with_frame(best, chosen), told_once(best, "benchmarks", parts).note()), _BEST, "benchmarks")
    yield Table(noted(best), _BEST, "distance to benchmarks", on_page=False)


def _disliked(parts: Parts, found: InspectionResults) -> Iterator[Paragraph]:
    """Benchmarks that customers rate low, of the stores that may be shown: a caution, and where it is told in full."""
    agreement = shown_agreement(parts)[0]
    if agreement is None or found.benchmarks is None:
        return
    benchmarks = set(found.benchmarks.tiers["benchmark"].dropna())
    stores = [str(store) for store in agreement.hidden()["store"] if store in benchmarks]
    if stores:
        said = parts.say("benchmarks hidden", stores=parts.joined(stores), section=parts.say("inside outside"))
        yield Paragraph(said, "caution")


def told_once(result: Result, name: str, parts: Parts) -> Result:
    """The result without the remarks that stand under the first table of visits: a word says where they are; n and method stay."""
    found, own = parts.inspection, getattr(result, "remarks", ())
    if found is None or name == "visit scores" or not isinstance(own, tuple):
        return result
    shared = found.scores.remarks[1:]  # the first says how many visits were scored
    if sum(each in own for each in shared) < 2:
        return result
    pointer = {
        language: word("visits note above", language, section=word("shoppers", language)) for language in ("en", "zh")
    }
    rest = [each for each in own if each not in shared]
    return replace(result, remarks=(*rest[:1], pointer, *rest[1:]))  # type: ignore[call-arg]


def visit_methods(parts: Parts) -> set[str]:
    """The methods that the sections on visits rest on."""
    found = parts.inspection
    if found is None:
        return set()
    used = {"visit score", "veto", "standings", "passed items"} | ({"visit kinds"} if found.differences else set())
    pairs = {"dependability": found.dependability, "agreement": found.agreement, "angles": found.angles,
             "store agreement": shown_agreement(parts)[0], "fitted weights": found.fitted, "benchmark store": found.benchmarks,
             "competitors": found.comparison, "moves": found.moved}  # fmt: skip
    return used | {name for name, part in pairs.items() if part is not None}
