"""Group by group: the gaps of each split, the differences that are more than chance, and single stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servqual.report.document import Heading, Picture, Table
from servqual.report.findings import gap_sentence, is_tested
from servqual.report.listings import joint_tests
from servqual.report.parts import ROWS, SCORE, Parts, with_frame

if TYPE_CHECKING:
    from servqual.comparison import Comparison
    from servqual.gaps import GapScores, GapTable

_COMPARE = "servqual.comparison.compare"
_STORES = "servqual.stores.store_estimates"
_BESIDE = 12  # rows of a table whose numbers stand in the picture above it
_DRAWN = 80  # stores in one picture
_HEATED = 3  # groups from which a heat map says more than the rows


def groups(parts: Parts) -> Iterator[Any]:
    """One part per split."""
    if not parts.gaps:
        return
    if len(parts.gaps) == 1:
        yield parts.say("no groups")
    compared = {comparison.by: comparison for comparison in parts.comparisons}
    for scores in parts.gaps[1:]:
        by, heading = " ".join(scores.by), parts.heading(scores.by)
        yield Heading(parts.say("by", by=heading))
        left_out = parts.left_out(scores.by, len(scores.joint))
        if left_out:
            yield left_out
        beside = [compared[by]] if by in compared else []
        yield from parts.warned(*(("", table) for table in (scores.dimensions, *beside)))
        yield from _pictures(parts, scores)
        yield Table(scores.dimensions, SCORE, f"dimensions by {by}", rows=ROWS)
        yield Table(scores.total, SCORE, f"total by {by}", rows=ROWS)
        tests = joint_tests(scores, parts.language, parts.small.joint(scores))
        yield Table(tests, "servqual.inference.hotelling", f"joint_test by {by}", rows=ROWS)
        if by not in compared:
            yield parts.say("one value", by=heading)
            continue
        yield parts.say("compared how")
        drawn = list(_forest(parts, compared[by]))
        yield from drawn
        yield Table(compared[by], _COMPARE, f"comparison by {by}", rows=_BESIDE if drawn else ROWS)


def _pictures(parts: Parts, scores: GapScores) -> Iterator[Any]:
    """The gaps of all groups as rows, and as a heat map where there are several groups."""
    dimensions, total = (parts.drawn(table, scores.by) for table in (scores.dimensions, scores.total))
    count = len(dimensions.frame[list(scores.by)].drop_duplicates())
    if len(scores.by) == 1 and count >= _HEATED:
        yield _heatmap(parts, replace(scores, dimensions=dimensions, total=total, frame=dimensions.frame))
    if 0 < len(dimensions.frame) <= ROWS:
        yield gap_picture(parts, dimensions)


def _heatmap(parts: Parts, scores: GapScores) -> Picture:
    def draw() -> Any:
        from servqual.plots import draw_heatmap, new_axes

        return draw_heatmap(scores, new_axes(), minimum=1)  # what is too small is left out already

    said = parts.say("heat map", title=scores.dimensions.title(), percent=parts.percent)
    return Picture(draw, parts.text(said, _widest(scores.dimensions)), SCORE)


def _widest(table: GapTable) -> str:
    """The widest shortfall in words; empty where nothing could be computed."""
    lowest = table.frame.dropna(subset="gap").nsmallest(1, "gap")
    return "".join(
        gap_sentence(table, row[table.what], **{name: row[name] for name in table.by}) for _, row in lowest.iterrows()
    )


def gap_picture(parts: Parts, table: GapTable) -> Picture:
    """Expectation and perception of every row that is shown."""

    def draw() -> Any:
        from servqual.plots import draw_gaps, new_axes

        return draw_gaps(table, new_axes())

    key = "picture" if is_tested(table.frame).any() else "picture without interval"
    alt = f"{table.title()}{'：' if parts.language == 'zh' else '. '}{parts.say(key, percent=parts.percent)}"
    alt = parts.text(alt, _widest(table))
    return Picture(draw, alt, SCORE)


def _forest(parts: Parts, comparison: Comparison) -> Iterator[Any]:
    """Every difference on its interval; of many only those of the mean."""
    frame = comparison.frame[comparison.frame["reason"] != "suppressed"]
    if len(frame) > ROWS:
        frame = frame[frame["dimension"] == "mean"]
    if 0 < len(frame) <= ROWS and np.isfinite(frame["difference"]).any():
        frame = frame.astype({"n": "int64"})
        shown = with_frame(comparison, frame)
        named = {"n": len(frame), "clear": int(parts.is_clear(frame).sum())}
        alt = parts.say("forest", title=shown.title(), percent=parts.percent, **named)
        yield parts.picture(shown, alt, _COMPARE)


# --- stores ------------------------------------------------------------------------------------------------


def stores(parts: Parts) -> Iterator[Any]:
    """Single stores: how far they differ, how sure their ranks are, and every store that may be shown."""
    found = parts.stores
    if found is None:
        return
    yield parts.text(found.sentence(), parts.say("stores how"))
    left_out = parts.left_out((found.by,), len(found.frame), "stores left out")
    if left_out:
        yield left_out
    shown = parts.drawn(found, (found.by,)).frame
    yield from ranks(parts, shown, int(found.frame["rank"].notna().sum()))
    yield [found.sentence(store) for store in ends(shown, found.by)]
    table = parts.small.stores(found, parts.gaps[0] if parts.gaps else None)
    if 0 < len(shown) <= _DRAWN:
        drawn = replace(table, frame=shown.assign(flag="") if parts.small.minimum else shown)
        yield parts.picture(drawn, parts.say("stores picture", title=found.title(), percent=parts.percent), _STORES)
    yield Table(table, _STORES, f"estimates by {found.by}", rows=ROWS)


def ends(frame: pd.DataFrame, by: str) -> list[Any]:
    """The stores with the best and the worst expected rank; none where there are no ranks."""
    names = frame.dropna(subset="rank").sort_values("rank", kind="stable")[by].tolist()
    return [names[0], names[-1]] if len(names) > 1 else []


def ranks(parts: Parts, frame: pd.DataFrame, k: int) -> Iterator[str]:
    """How many places a rank leaves open, and how many stores are surely in one half."""
    ranked = frame.dropna(subset="rank")
    if ranked.empty:
        return
    places = int((ranked["rank_high"] - ranked["rank_low"] + 1).median())
    better = (ranked["rank_high"] < (k + 1) / 2).sum()
    worse = (ranked["rank_low"] > (k + 1) / 2).sum()
    yield parts.say("ranks", places=places, k=k, shown=len(ranked), better=int(better), worse=int(worse))
