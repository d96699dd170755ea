"""Who is heard, by how many means, and what would be lost without each of them?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.listening.matrix import FULLY, LEVELS, LITTLE, MEDIUM, ListeningMatrix, sentences
from servqual.tabulation import translated
from survey_design.errors import SpecError
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

STATUS: dict[str, Text] = {
    "covered": {"en": "covered", "zh": "已覆盖"},
    "one means": {"en": "covered by one means only", "zh": "仅一种手段覆盖"},
    "in part": {"en": "in part: no means covers it fully", "zh": "部分覆盖：无手段可完全覆盖"},
    "uncovered": {"en": "uncovered", "zh": "未覆盖"},
}
_SEGMENT: Text = {"en": "segment", "zh": "对象"}
_MEANS: Text = {"en": "means", "zh": "手段"}
_ORDERED: Text = {
    "en": "levels are an order: the best level of a segment is that of the best means, nothing is added up",
    "zh": "等级仅表示次序：对象的覆盖等级取各手段中的最高者，不做加总",
}


def coverage_table(cells: Array) -> dict[str, Array]:
    """Best level, and how many means reach each level, per column of (means, segments) levels.

    >>> coverage_table(np.array([[2, 0, 1], [2, 0, 0]]))["best"].tolist()
    [2, 0, 1]
    """
    segments = cells.shape[1]
    best = cells.max(axis=0) if len(cells) else np.zeros(segments, dtype=int)
    full, medium = (cells == FULLY).sum(axis=0), (cells == MEDIUM).sum(axis=0)
    status = np.select([full > 1, full == 1, best == MEDIUM], ["covered", "one means", "in part"], "uncovered")
    return {"best": best, "n_full": full, "n_medium": medium, "status": status}


def means_table(cells: Array) -> dict[str, Array]:
    """What each means brings, per row of (means, segments) levels.

    ``full``, ``medium``: segments that it covers so. ``alone``: segments whose best level would fall without it. ``redundant``:
    none would. ``within``: position of a means that reaches at least its level everywhere, and more somewhere or stands earlier;
    −1 where there is none.

    >>> found = means_table(np.array([[2, 0], [1, 0], [0, 2]]))
    >>> found["alone"].tolist(), found["within"].tolist()
    ([1, 0, 1], [-1, 0, -1])
    """
    n = len(cells)
    best = cells.max(axis=0)
    holders = (cells == best).sum(axis=0)
    alone = ((cells == best) & (holders == 1) & (best > LITTLE)).sum(axis=1)
    at_least = (cells[None, :, :] >= cells[:, None, :]).all(axis=2)  # [i, j]: j reaches what i does
    same, earlier = at_least & at_least.T, np.arange(n)[None, :] < np.arange(n)[:, None]
    beyond = at_least & ~np.eye(n, dtype=bool) & (~same | earlier)
    within = np.where(beyond.any(axis=1), beyond.argmax(axis=1), -1)
    return {"full": (cells == FULLY).sum(axis=1), "medium": (cells == MEDIUM).sum(axis=1), "alone": alone,
            "redundant": alone == 0, "within": within}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class MeansCoverage(Result):
    """What each means brings. Frame columns: ``means, kind, full, medium`` (segments covered so), ``alone`` (segments whose best
    level would fall without it), ``redundant``, ``within`` (a means that does all it does; empty where there is none)."""

    matrix: ListeningMatrix = None  # type: ignore[assignment]

    def title(self) -> str:
        return "各手段的边际覆盖" if self.language == "zh" else "What each means adds"

    def columns(self) -> tuple[Column, ...]:
        said: dict[Any, Text] = {True: {"en": "yes", "zh": "是"}, False: {"en": "no", "zh": "否"}}
        return (
            Column("kind", {"en": "kind", "zh": "类别"}, "text", self.matrix.kinds),
            Column("means", _MEANS, "text", self.matrix.words),
            Column("full", {"en": "segments fully", "zh": "完全覆盖对象数"}, "count"),
            Column("medium", {"en": "medium", "zh": "中等覆盖对象数"}, "count"),
            Column("alone", {"en": "lost without it", "zh": "缺之则降级的对象数"}, "count"),
            Column("redundant", {"en": "could go", "zh": "可替代"}, "text", said),
            Column("within", {"en": "does no more than", "zh": "不多于"}, "text", self.matrix.words),
        )

    def note(self) -> str:
        told: Text = {
            "en": "could go: without it alone no segment's best level falls; two such means can't always go together",
            "zh": "可替代：仅去掉该手段时，任何对象的最高等级都不下降；两项可替代的手段未必能同时去掉",
        }
        return sentences([told, *self.matrix.remarks()], self.language)


@dataclass(frozen=True, eq=False, repr=False)
class ListeningCoverage(Result):
    """Who is heard. Frame columns: ``segment, best`` (2, 1, 0), ``n_full, n_medium`` (means), ``share`` (of all means that cover it
    fully), ``status``, ``only`` (the one means that covers it fully; empty where there are more or none).

    Attributes
    ----------
    matrix : what was counted
    means : MeansCoverage, what each means brings
    """

    matrix: ListeningMatrix = None  # type: ignore[assignment]
    means: MeansCoverage = None  # type: ignore[assignment]

    def in_language(self, language: Language) -> ListeningCoverage:
        """The same table in English or Chinese."""
        return translated(self, language)

    def title(self) -> str:
        return "各对象的覆盖情况" if self.language == "zh" else "Who is heard"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("segment", _SEGMENT, "text", self.matrix.words),
            Column("best", {"en": "best level", "zh": "最高等级"}, "text", LEVELS),
            Column("n_full", {"en": "means, fully", "zh": "完全覆盖手段数"}, "count"),
            Column("n_medium", {"en": "means, medium", "zh": "中等覆盖手段数"}, "count"),
            Column("status", {"en": "status", "zh": "状态"}, "text", STATUS),
            Column("only", {"en": "rests on", "zh": "仅依赖"}, "text", self.matrix.words),
        )

    def note(self) -> str:
        return sentences([_ORDERED, *self.matrix.remarks()], self.language)

    def uncovered(self) -> list[str]:
        """Segments that no means covers fully, the worst first."""
        rest = self.frame[self.frame["best"] < FULLY].sort_values("best", kind="stable")
        return [str(each) for each in rest["segment"]]

    def redundant(self) -> list[str]:
        """Means without any one of which no segment's best level falls."""
        frame = self.means.frame
        return [str(each) for each in frame.loc[frame["redundant"], "means"]]

    def residual(self) -> tuple[Text, ...]:
        """What is left: segments not covered fully, those that rest on one means, and shortcomings that are known in words."""
        words, said = self.matrix.words, []
        for row in self.frame.to_dict("records"):
            en, zh = (say(words[row["segment"]], language) for language in ("en", "zh"))
            if row["status"] == "one means":
                by = words[row["only"]]
                said.append({"en": f"{en}: covered fully by one means only, {say(by, 'en')}", "zh": f"{zh}：仅“{say(by, 'zh')}”可完全覆盖"})  # fmt: skip
            elif row["status"] != "covered":
                n = int(row["n_medium"])
                said.append({"en": f"{en}: no means covers them fully, {n or 'none'} in part",
                             "zh": f"{zh}：无手段可完全覆盖，{f'{n} 种' if n else '亦无'}手段可部分覆盖"})  # fmt: skip
        return (*said, *self.matrix.shortcomings)

    def sentence(self) -> str:
        """How many segments are covered fully, and which are not."""
        words, n = self.matrix.words, len(self.frame)
        rest = [say(words[each], self.language) for each in self.uncovered()]
        fully = n - len(rest)
        if self.language == "zh":
            told = f"{n} 类对象中 {fully} 类至少有一种手段可完全覆盖" + (
                f"；未完全覆盖：{'、'.join(rest)}。" if rest else "。"
            )
            return told + sentences(self.matrix.remarks(), "zh")
        told = f"{fully} of {n} segments {'is' if fully == 1 else 'are'} covered fully by at least one means" + (
            f"; not covered fully: {', '.join(rest)}." if rest else "."
        )
        return " ".join(filter(None, [told, sentences(self.matrix.remarks(), "en")]))

    def plot(self, ax: Axes | None = None) -> Axes:
        """The matrix with the best level of every segment below it (see ``servqual.plots.listening``)."""
        from servqual.plots.listening import draw_listening_matrix

        return draw_listening_matrix(self.matrix, ax)


def listening_coverage(matrix: ListeningMatrix) -> ListeningCoverage:
    """Who is heard by which means: best level per segment, what is uncovered, which means could go.

    Parameters
    ----------
    matrix : ListeningMatrix

    Returns
    -------
    ListeningCoverage
        ``.uncovered()``, ``.residual()``, ``.redundant()``, and ``.means`` with what would be lost without each means.

    Notes
    -----
    A segment is as well covered as by its best means. Levels are ordered words, so several "medium" make no "fully". A segment
    that rests on one means is named apart: where that means fails, nobody hears it.

    Examples
    --------
    >>> from servqual.listening import load_listening_matrix
    >>> found = listening_coverage(load_listening_matrix("illustrative"))
    >>> found.uncovered(), found.frame.loc[found.frame["status"] == "one means", "only"].tolist()
    (['rural'], ['vvip_call_records'])
    """
    cells = matrix.cells
    found = coverage_table(cells)
    ids = [each.id for each in matrix.means]
    only = [ids[int((cells[:, k] == FULLY).argmax())] if status == "one means" else ""
            for k, status in enumerate(found["status"])]  # fmt: skip
    frame = pd.DataFrame({
        "segment": [each.id for each in matrix.segments], "best": found["best"], "n_full": found["n_full"],
        "n_medium": found["n_medium"], "share": found["n_full"] / len(ids), "status": found["status"], "only": only,
    })  # fmt: skip
    own = means_table(cells)
    within = [ids[k] if k >= 0 else "" for k in own.pop("within")]
    table = pd.DataFrame({"means": ids, "kind": [each.kind for each in matrix.means], **own, "within": within})
    return ListeningCoverage(
        frame, matrix.language, matrix=matrix, means=MeansCoverage(table, matrix.language, matrix=matrix)
    )


# --- over the years ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class CoverageByYear(Result):
    """How coverage grew. Frame columns: ``year`` ("" for what was there before), ``segment, added`` (means of this year that reach it at
    all), ``n_full`` (means that cover it fully by then), ``best, before`` (best level by then and the year before), ``gained``.

    Attributes
    ----------
    matrix : what was counted
    new : year -> means added in it
    """

    matrix: ListeningMatrix = None  # type: ignore[assignment]
    new: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def title(self) -> str:
        return "各年新增手段的边际覆盖" if self.language == "zh" else "What each year's means added"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("year", {"en": "year", "zh": "年份"}, "text", {"": {"en": "before", "zh": "原有"}}),
            Column("segment", _SEGMENT, "text", self.matrix.words),
            Column("added", {"en": "means added", "zh": "新增手段数"}, "count"),
            Column("n_full", {"en": "means, fully", "zh": "完全覆盖手段数"}, "count"),
            Column("before", {"en": "level before", "zh": "此前等级"}, "text", LEVELS),
            Column("best", {"en": "best level", "zh": "最高等级"}, "text", LEVELS),
        )

    def note(self) -> str:
        return sentences([_ORDERED, *self.matrix.remarks(years=True)], self.language)

    def sentence(self) -> str:
        """Year by year: how many means came, and for whom coverage rose."""
        words, parts = self.matrix.words, []
        for year, names in self.new.items():
            rows = self.frame[(self.frame["year"] == year) & (self.frame["gained"] > 0)]
            risen = [say(words[each], self.language) for each in rows["segment"]]
            n = len(names)
            if self.language == "zh":
                head = f"原有 {n} 种手段" if not year else f"{year} 年新增 {n} 种"
                parts.append(f"{head}，{'覆盖到' if not year else '提升'}：{'、'.join(risen) or '无'}")
            else:
                head = f"{n} means from before reach" if not year else f"{n} means of {year} raise coverage of"
                parts.append(f"{head} {', '.join(risen) or 'nobody'}")
        said = ("；".join(parts) + "。") if self.language == "zh" else "; ".join(parts) + "."
        glue = "" if self.language == "zh" else " "
        return glue.join(filter(None, [said, sentences(self.matrix.remarks(years=True), self.language)]))


def coverage_by_year(matrix: ListeningMatrix) -> CoverageByYear:
    """How the means that came year by year widened what is heard.

    Raises
    ------
    SpecError
        If no means has a year.

    Notes
    -----
    What a year added is what its means bring over all that was there before; means of one year share it.

    Examples
    --------
    >>> from servqual.listening import load_listening_matrix
    >>> found = coverage_by_year(load_listening_matrix("illustrative"))
    >>> {year: len(names) for year, names in found.new.items()}
    {'': 4, '2010': 6, '2011': 6}
    >>> found.frame[found.frame["gained"] > 0].groupby("year")["segment"].agg(list)["2010"]
    ['group', 'vip']
    """
    years = sorted({each.year for each in matrix.means if each.year is not None})
    if not years:
        raise SpecError(
            f"no means of '{matrix.id}' says since which year it is used: give them years to see what each added."
        )
    since = np.array([years[0] - 1 if each.year is None else each.year for each in matrix.means])
    steps = [*([years[0] - 1] if (since < years[0]).any() else []), *years]
    cells, rows, new = matrix.cells, [], {}
    before = np.zeros(cells.shape[1], dtype=int)
    for year in steps:
        key = "" if year < years[0] else str(year)
        found, own = coverage_table(cells[since <= year]), cells[since == year]
        new[key] = tuple(each.id for each, at in zip(matrix.means, since, strict=True) if at == year)
        rows.append(pd.DataFrame({
            "year": key, "segment": [each.id for each in matrix.segments], "added": (own > LITTLE).sum(axis=0),
            "n_full": found["n_full"], "best": found["best"], "before": before, "gained": found["best"] - before,
        }))  # fmt: skip
        before = found["best"]
    return CoverageByYear(pd.concat(rows, ignore_index=True), matrix.language, matrix=matrix, new=new)
