"""Do survey, inspection, focus groups and complaints point at the same dimensions, and who is silent where others call?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, permutations
from math import factorial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.agreement.coefficients import krippendorff_alpha
from servqual.diagnosis.five import Diagnosis
from servqual.diagnosis.levels import ItemLevels
from servqual.focus import Statements
from servqual.focus import themes as count_themes
from servqual.gaps import GapScores
from servqual.inference import NUMBER_COLUMNS, t_interval
from servqual.instruments import Instrument
from servqual.tabulation import translated
from survey_design.errors import SpecError, check_between, check_columns
from survey_design.results import Column, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Source = Literal["survey", "inspection", "focus", "complaints"]
Signal = Literal["problem", "unclear", "no problem", "not measured"]

SOURCES: Mapping[str, Text] = {
    "survey": {"en": "survey: gap P − E", "zh": "调查：差距 P − E"},
    "inspection": {"en": "inspection: standard kept", "zh": "检查：标准达成比例"},
    "focus": {"en": "focus groups: speakers dissatisfied", "zh": "座谈会：表示不满的发言人"},
    "complaints": {"en": "complaints: share of all", "zh": "投诉：占比"},
}
NAMES: Mapping[str, Text] = {
    "survey": {"en": "survey", "zh": "问卷调查"},
    "inspection": {"en": "inspection", "zh": "神秘顾客检查"},
    "focus": {"en": "focus groups", "zh": "座谈会"},
    "complaints": {"en": "complaints", "zh": "投诉"},
}
SIGNALS: Mapping[str, Text] = {
    "problem": {"en": "worse than its line", "zh": "差于界线"},
    "unclear": {"en": "unclear", "zh": "不明确"},
    "no problem": {"en": "better than its line", "zh": "优于界线"},
    "not measured": {"en": "not measured", "zh": "未测量"},
}
KINDS: Mapping[str, Text] = {
    "contradicts": {"en": "better than its line", "zh": "优于其界线"},
    "not measured": {"en": "did not look", "zh": "未测量"},
}
_WORSE: Mapping[Source, int] = {"survey": -1, "inspection": -1, "focus": 1, "complaints": 1}  # which way is worse
_EXACT = 8  # dimensions up to which all orders are counted
_SHARES = ("inspection", "focus", "complaints")
_TAU_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "few": {"en": "fewer than three dimensions that both measured", "zh": "双方均测量的维度不足三个"},
    "no spread": {"en": "one of them has the same value throughout", "zh": "其中一方各维度取值相同"},
}


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Result):
    """Whether two sources put the dimensions in the same order. Frame columns: ``first, second, tau, p, dimensions, reason``;
    p counts all orders up to 8 dimensions, ties as they are.

    Attributes
    ----------
    alpha : Krippendorff's alpha of the signals (ordinal: no problem, unclear, problem); nan where all signals are the same
    """

    alpha: float = float("nan")

    def title(self) -> str:
        return "各来源的一致程度" if self.language == "zh" else "Agreement of the sources"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("first", {"en": "source", "zh": "来源"}, "text", NAMES),
            Column("second", {"en": "with", "zh": "与"}, "text", NAMES),
            Column("tau", {"en": "Kendall's tau-b", "zh": "Kendall τ-b"}, "number"),
            NUMBER_COLUMNS["p"],
            Column("dimensions", {"en": "dimensions", "zh": "维度数"}, "count"),
            *([Column("reason", NUMBER_COLUMNS["reason"].label, "text", _TAU_REASONS)] if self.frame["reason"].any() else []),
        )  # fmt: skip

    def note(self) -> str:
        most, zh = int(self.frame["dimensions"].max()) if len(self.frame) else 0, self.language == "zh"
        known = np.isfinite(self.alpha)
        if zh:
            alpha = (
                f"信号的 Krippendorff α（顺序尺度）= {self.alpha:.2f}".replace("-", "−")
                if known
                else "信号全部相同，α 无定义"
            )
            return f"各来源均按“越差越高”排序；{alpha}；维度最多 {most} 个，仅为描述{self._least(most)}。"
        alpha = f"Krippendorff's alpha of the signals (ordinal) = {self.alpha:.2f}".replace("-", "−") if known else (
            "all signals are the same, so alpha is not defined")  # fmt: skip
        return f"Every source is ordered from good to bad; {alpha}; {most} dimensions at most, so a description{self._least(most)}."

    def _least(self, dimensions: int) -> str:
        """The smallest p that so few dimensions can have, in words."""
        if not 3 <= dimensions <= _EXACT:
            return ""
        p = f"{2 / factorial(dimensions):.3f}".rstrip("0")
        return f"（顺序完全一致时 p 也有 {p}）" if self.language == "zh" else f" (even the very same order has p = {p})"


@dataclass(frozen=True, eq=False, repr=False)
class BlindSpots(Result):
    """Who is silent where others call. Frame columns: ``dimension, calls`` (sources that see a problem), ``silent`` (a source that
    does not), ``kind`` ("contradicts": it sees no problem; "not measured": it did not look)."""

    labels: Mapping[str, Text] = field(default_factory=dict)

    def title(self) -> str:
        return (
            "盲区：有来源报警而另一来源无声"
            if self.language == "zh"
            else "Blind spots: who is silent where others call"
        )

    def columns(self) -> tuple[Column, ...]:
        called = {key: _listed(key.split("+")) for key in self.frame["calls"].unique()}
        return (
            Column("dimension", {"en": "dimension", "zh": "维度"}, "text", self.labels),
            Column("calls", {"en": "see a problem", "zh": "发现问题的来源"}, "text", called),
            Column("silent", {"en": "silent", "zh": "无声的来源"}, "text", NAMES),
            Column("kind", {"en": "why", "zh": "情形"}, "text", KINDS),
        )

    def note(self) -> str:
        if self.frame.empty:
            return "没有盲区。" if self.language == "zh" else "There is none."
        return (
            "不明确的信号不算盲区：数据不足以判断。"
            if self.language == "zh"
            else "An unclear signal is no blind spot: the data leave it open."
        )


def _listed(names: Sequence[str]) -> Text:
    return {
        language: glue.join(say(NAMES[name], language) for name in names)
        for language, glue in (("en", ", "), ("zh", "、"))
    }


@dataclass(frozen=True, eq=False, repr=False)
class Triangulation(Result):
    """Dimensions by sources. Frame columns: ``dimension, source, value, low, high, n, line, signal, rank``.

    ``value`` is a gap in points (survey) or a share; ``rank`` 1 is the worst dimension of its source.

    Attributes
    ----------
    agreement : Agreement
    blind_spots : BlindSpots
    lines : source -> the line that was given, or None where it is the mean of the source's dimensions
    labels : labels of the dimensions
    remarks : what was left out
    """

    agreement: Agreement = None  # type: ignore[assignment]
    blind_spots: BlindSpots = None  # type: ignore[assignment]
    lines: Mapping[Source, float | None] = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    level: float = 0.95
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        return (
            "多源印证：各来源对各维度的判断"
            if self.language == "zh"
            else "Triangulation: what each source says of each dimension"
        )

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources that were given."""
        return tuple(dict.fromkeys(self.frame["source"]))

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("dimension", {"en": "dimension", "zh": "维度"}, "text", self.labels),
            Column("source", {"en": "source", "zh": "来源"}, "text", SOURCES),
            *(Column(name, words, "number") for name, words in (
                ("value", {"en": "value", "zh": "数值"}), ("low", NUMBER_COLUMNS["low"].label), ("high", NUMBER_COLUMNS["high"].label),
                ("line", {"en": "line", "zh": "界线"}))),
            NUMBER_COLUMNS["n"],
            Column("signal", {"en": "signal", "zh": "信号"}, "text", SIGNALS),
            Column("rank", {"en": "rank, worst first", "zh": "名次（最差为 1）"}, "count"),
        )  # fmt: skip

    def note(self) -> str:
        percent, zh = f"{100 * self.level:g}%", self.language == "zh"
        given = [name for name, line in self.lines.items() if line is not None]
        own = [name for name, line in self.lines.items() if line is None]
        parts = [say(each, self.language) for each in self.remarks]
        if zh:
            parts += [f"差于界线：{percent} 区间整体位于界线较差一侧；优于界线：整体位于较好一侧；其余为不明确"]
            parts += (
                [f"界线为该来源各维度的均值（{say(_listed(own), 'zh')}），即比自身平均更差，而非绝对好坏"]
                if own
                else []
            )
            parts += [f"界线由研究者给定（{say(_listed(given), 'zh')}）"] if given else []
            parts += [f"{self._judged()} 格各自按 {percent} 判断，未作多重校正，界线视为已知"]
            return "；".join([*parts, "差距以分计，其余为比例（0–1）"]) + "。"
        parts += [
            f"worse: the {percent} interval lies wholly on the worse side of the line; better: wholly on the better side; else unclear"
        ]
        parts += (
            [
                f"the line is the mean of the source's own dimensions ({say(_listed(own), 'en')}): worse than its average, not bad as such"
            ]
            if own
            else []
        )
        parts += [f"line as given ({say(_listed(given), 'en')})"] if given else []
        parts += [f"{self._judged()} cells, each at {percent} by itself without correction, its line taken as known"]
        said = "; ".join([*parts, "gaps in points, the others shares from 0 to 1"]) + "."
        return said[:1].upper() + said[1:]

    def _judged(self) -> int:
        """Cells that were measured."""
        return int((self.frame["signal"] != "not measured").sum())

    def in_language(self, language: Language) -> Triangulation:
        """The same numbers, shown in English or Chinese."""
        return translated(self, language)

    def matrix(self, column: str = "signal") -> pd.DataFrame:
        """Dimensions by sources: the signal, or another column."""
        check_columns([column], self.frame.columns, "the triangulation")
        wide = self.frame.pivot(index="dimension", columns="source", values=column)
        return wide.loc[list(dict.fromkeys(self.frame["dimension"])), list(self.sources)]

    def sentence(self) -> str:
        """Where most sources see a problem, and how many blind spots there are."""
        zh, signals = self.language == "zh", self.matrix()
        calls = (signals == "problem").sum(axis=1)
        most, k = int(calls.max()), len(self.sources)
        named = [say(self.labels.get(name, {"en": str(name)}), self.language) for name in calls.index[calls == most]]
        spots = len(self.blind_spots.frame)
        if not most:
            return (
                f"{k} 个来源均未在任何维度上发出明确的问题信号。"
                if zh
                else f"None of {k} sources sees a clear problem in any dimension."
            )
        if zh:
            return f"{'、'.join(named)}：{k} 个来源中 {most} 个发现问题；盲区共 {spots} 处。"
        return f"{', '.join(named)}: {most} of {k} sources see{'s' * (most == 1)} a problem; {spots} blind spot{'s' * (spots != 1)} in all."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Dimensions by sources, coloured by signal."""
        from servqual.plots.diagnosis import draw_triangulation

        return draw_triangulation(self, ax)


# --- the verb ----------------------------------------------------------------------------------------------


def triangulate(
    *,
    gaps: GapScores | Diagnosis | None = None,
    inspection: ItemLevels | None = None,
    statements: Statements | None = None,
    complaints: Result | pd.DataFrame | None = None,
    instrument: Instrument | None = None,
    themes: Mapping[str, str] | None = None,
    lines: Mapping[Source, float] | None = None,
    level: float = 0.95,
) -> Triangulation:
    """Survey, inspection, focus groups and complaints on the same dimensions: signals, agreement, blind spots.

    Parameters
    ----------
    gaps : GapScores (not split), or a Diagnosis, whose customer gap counts
    inspection : ItemLevels of :func:`inspected_items`; a dimension is the mean of its items that were inspected
    statements : Statements; counted are speakers who said something negative of a dimension
    complaints : table with a row for each ``dimension`` and ``share, low, high`` and ``of`` or ``n``, as
        ``complaint_shares(complaints, of="dimension")`` gives it
    instrument : whose dimensions are the rows; taken from the gaps where these are given
    themes : code, or dimension of the code frame -> dimension of the instrument; a code's own entry goes before its dimension's.
        Needed with ``statements`` unless the code frame has the instrument's dimensions
    lines : source -> line between problem and no problem, in the source's unit: ``{"survey": -0.5, "inspection": 0.8}``. Without
        one, the mean of the source's own dimensions
    level : confidence of the intervals

    Returns
    -------
    Triangulation

    Raises
    ------
    SpecError
        If fewer than two sources are given, the gaps are split, or themes or lines name what does not exist.

    Notes
    -----
    A cell is a problem where its whole interval lies on the worse side of the line. Lines at the source's own mean make sources
    with different units comparable, and always leave some dimension below average: state lines where you have standards. Agreement
    of two sources is Kendall's tau-b over the dimensions, of all signals Krippendorff's alpha. With five dimensions neither proves
    anything; the blind spots are what to read.

    How to read it: a dimension that only customers call is seen by no inspection; one that only inspectors call may not matter to
    customers. Complaints speak of who complains, focus groups of who was invited.

    References
    ----------
    Jick (1979), Administrative Science Quarterly 24, 602-611, doi:10.2307/2392366. Kendall (1945), Biometrika 33, 239-251,
    doi:10.1093/biomet/33.3.239. Checked against scipy, the formula of alpha written out, and counts by hand
    (tests/test_triangulation.py).

    Examples
    --------
    >>> from servqual.instruments import load_instrument
    >>> scale = load_instrument("servqual-22")
    >>> kept = ItemLevels.given({"TAN1": 0.9, "REL1": 0.5, "RES1": 0.7, "ASS1": 0.8, "EMP1": 0.85}, kind="share")
    >>> told = pd.DataFrame({"dimension": ["tangibles", "reliability"], "share": [0.2, 0.8], "low": [0.1, 0.7], "high": [0.3, 0.9], "n": 80})
    >>> triangulate(inspection=kept, complaints=told, instrument=scale).sentence()
    'Reliability: 2 of 2 sources see a problem; 1 blind spot in all.'
    """  # fmt: skip
    check_between("level", level, 0, 1)
    instrument = _instrument(gaps, instrument)
    told = _cells(gaps, inspection, statements, complaints, instrument, themes, level)
    if len(told) < 2:
        raise SpecError("triangulation needs two sources at least: of gaps, inspection, statements, complaints.")
    strange = sorted(set(lines or {}) - set(get_args(Source)))
    if strange:
        raise SpecError(f"lines names unknown sources: {', '.join(strange)}. Choose of {', '.join(get_args(Source))}.")
    names = [each.id for each in instrument.dimensions]
    given: dict[Source, float | None] = {source: (lines or {}).get(source) for source in told}
    frame = pd.concat(
        [_signalled(source, cells, names, given[source]) for source, (cells, _) in told.items()], ignore_index=True
    )
    order = {name: k for k, name in enumerate(names)}
    frame = (
        frame.assign(_row=frame["dimension"].map(order))
        .sort_values("_row", kind="stable")
        .drop(columns="_row")
        .reset_index(drop=True)
    )
    language, labels = instrument.language, instrument.words()
    remarks = tuple(text for _, texts in told.values() for text in texts)
    return Triangulation(
        frame, language, agreement=_agreement(frame, list(told), language), blind_spots=_blind_spots(frame, labels, language),
        lines=given, labels=labels, level=level, remarks=remarks,
    )  # fmt: skip


Cells = tuple[pd.DataFrame, tuple[Text, ...]]


def _instrument(gaps: GapScores | Diagnosis | None, instrument: Instrument | None) -> Instrument:
    if instrument is not None:
        return instrument
    found = None if gaps is None else gaps.dimensions.instrument
    if found is None:
        raise SpecError("say which instrument's dimensions are the rows: instrument=load_instrument('servqual-22').")
    return found


def _cells(
    gaps: GapScores | Diagnosis | None, inspection: ItemLevels | None, statements: Statements | None, complaints: Any,
    instrument: Instrument, themes: Mapping[str, str] | None, level: float,
) -> dict[Source, Cells]:  # fmt: skip
    """Source -> its cells ``dimension, value, low, high, n``, and what must be said of them."""
    told: dict[Source, Cells] = {}
    if gaps is not None:
        told["survey"] = _surveyed(gaps)
    if inspection is not None:
        told["inspection"] = _inspected(inspection, instrument, level)
    if statements is not None:
        told["focus"] = _spoken(statements, instrument, themes or {}, level)
    if complaints is not None:
        told["complaints"] = _complained(complaints, instrument)
    return told


def _surveyed(gaps: GapScores | Diagnosis) -> Cells:
    table = gaps.dimensions.frame
    if gaps.dimensions.by:
        raise SpecError(
            f"gaps are split by {', '.join(gaps.dimensions.by)}: triangulate the whole, score_gaps(responses)."
        )
    rows = table[table["finding"] == "customer"].rename(columns={"n_first": "n"}) if "finding" in table else table
    if rows.empty:
        raise SpecError("the diagnosis has no customer gap: it needs expectations and perceptions.")
    return rows.rename(columns={"gap": "value"})[["dimension", "value", "low", "high", "n"]], ()


def _inspected(inspection: ItemLevels, instrument: Instrument, level: float) -> Cells:
    """Mean share kept of every dimension's inspected items."""
    if inspection.kind != "share":
        raise SpecError("inspection must be the shares of inspected_items(), not levels.")
    known = {each.id: each.dimension for each in instrument.items}
    strange = [item for item in inspection.items if item not in known]
    if strange:
        raise SpecError(
            f"inspection names unknown items: {', '.join(map(repr, strange))}. The instrument is '{instrument.name}'."
        )
    rows = []
    for dimension in instrument.dimensions:
        items = [item for item in inspection.items if known[item] == dimension.id]
        if not items:
            continue
        value, covariance, df, n = inspection.chosen(items)
        se = np.sqrt(covariance.sum()) / len(items)
        low, high = (float(bound) for bound in t_interval(value.mean(), np.asarray(se), np.asarray(df.min()), level))
        rows.append({"dimension": dimension.id, "value": value.mean(), "low": low, "high": high, "n": int(n.min())})
    return pd.DataFrame(rows), inspection.remarks


def _spoken(statements: Statements, instrument: Instrument, themes: Mapping[str, str], level: float) -> Cells:
    """Share of speakers who said something negative of each dimension."""
    frame, known = statements.code_frame, [each.id for each in instrument.dimensions]
    _check_themes(frame, themes, known)
    home = {code.id: themes.get(code.id, themes.get(code.dimension, code.dimension)) for code in frame.codes}
    kept = [k for k, code in enumerate(frame.codes) if home[code.id] in known]
    if not kept:
        raise SpecError(
            "no code of the statements belongs to a dimension of the instrument: say which with themes={code: dimension}."
        )
    if np.isnan(statements.sentiment).all():
        raise SpecError(
            "no statement has a sentiment: whether customers complained can't be told. Code negative, neutral, positive."
        )
    used = set(home.values())
    codes = tuple(replace(frame.codes[k], dimension=home[frame.codes[k].id]) for k in kept)
    sorted_by = replace(
        frame,
        dimensions=tuple(each for each in instrument.dimensions if each.id in used),
        codes=codes,
        touchpoints="",
        elements="",
    )
    negative = (statements.sentiment == -1)[:, None, None] & statements.votes[:, kept]
    found = count_themes(replace(statements, code_frame=sorted_by, votes=negative), of="dimension", level=level).frame
    n_out = len(frame.codes) - len(kept)
    remarks: list[Text] = [{"en": f"{found['n'].max():,} speakers of {found['n_sessions'].max():,} sessions",
                            "zh": f"{found['n_sessions'].max():,} 场座谈会的 {found['n'].max():,} 位发言人"}]  # fmt: skip
    silent = int((np.isnan(statements.sentiment) & statements.votes[:, kept].any(axis=(1, 2))).sum())
    if silent:
        remarks.append({"en": f"{silent} coded statement{'s' * (silent != 1)} without a sentiment count{'s' * (silent == 1)} as not negative",
                        "zh": f"{silent} 条已编码发言未标注情感，按非负面计"})  # fmt: skip
    if n_out:
        remarks.append({"en": f"{n_out} of {len(frame.codes)} codes belong to no dimension of the instrument and are left out",
                        "zh": f"{len(frame.codes)} 个编码中有 {n_out} 个不属于量表的任何维度，未计入"})  # fmt: skip
    cells = found.rename(columns={"theme": "dimension_id", "share": "value"})
    return cells.assign(dimension=cells["dimension_id"])[["dimension", "value", "low", "high", "n"]], tuple(remarks)


def _check_themes(frame: Any, themes: Mapping[str, str], known: Sequence[str]) -> None:
    names = {each.id for each in (*frame.codes, *frame.dimensions)}
    strange = [name for name in themes if name not in names]
    if strange:
        raise SpecError(
            f"themes names unknown codes: {', '.join(map(repr, strange))}. The code frame is '{frame.name}'."
        )
    lost = sorted({name for name in themes.values() if name not in known})
    if lost:
        raise SpecError(f"themes names unknown dimensions: {', '.join(map(repr, lost))}. Choose of {', '.join(known)}.")


def _complained(complaints: Result | pd.DataFrame, instrument: Instrument) -> Cells:
    frame = complaints if isinstance(complaints, pd.DataFrame) else complaints.frame
    check_columns(["dimension", "share", "low", "high"], frame.columns, "the table of complaints")
    base = "of" if "of" in frame.columns else "n"
    check_columns([base], frame.columns, "the table of complaints")
    known = {each.id for each in instrument.dimensions}
    mine = frame[frame["dimension"].isin(known)]
    if mine.empty:
        raise SpecError("no row of the complaints belongs to a dimension of the instrument.")
    if mine["dimension"].duplicated().any():
        raise SpecError("the table of complaints has a dimension more than once: give shares that are not split.")
    return pd.DataFrame({"dimension": mine["dimension"], "value": mine["share"], "low": mine["low"], "high": mine["high"],
                         "n": mine[base]}), ()  # fmt: skip


# --- from cells to signals ---------------------------------------------------------------------------------


def _signalled(source: Source, cells: pd.DataFrame, names: Sequence[str], line: float | None) -> pd.DataFrame:
    """A row for each dimension with its signal; dimensions that were not measured, too."""
    table = cells.set_index("dimension").reindex(list(names))
    value, low, high = (table[name].to_numpy(float) for name in ("value", "low", "high"))
    own = float(np.nanmean(value)) if line is None else float(line)
    worse = _WORSE[source]
    table = table.assign(source=source, line=own, signal=signals(value, low, high, own, worse))
    rank = (-worse * table["value"]).rank(method="min")
    out = table.assign(rank=rank, n=table["n"].fillna(0).astype(int)).rename_axis("dimension").reset_index()
    return out[["dimension", "source", "value", "low", "high", "n", "line", "signal", "rank"]]


def signals(value: Array, low: Array, high: Array, line: float, worse: int) -> Array:
    """(k,) problem, no problem, unclear or not measured; ``worse`` is 1 where higher is worse, else −1.

    An estimate without interval is taken as unclear.

    >>> signals(np.array([0.9, 0.5]), np.array([0.8, 0.3]), np.array([1.0, 0.7]), 0.7, 1).tolist()
    ['problem', 'unclear']
    """
    bad, good = (low > line, high < line) if worse > 0 else (high < line, low > line)
    return np.select([~np.isfinite(value), bad, good], ["not measured", "problem", "no problem"], "unclear").astype(
        object
    )


def rank_order(first: Array, second: Array) -> tuple[float, float]:
    """Kendall's tau-b of two (k,) columns, and its two-sided p: the share of all orders of the second that go with the first, or
    against it, as far. Beyond 8 dimensions p is scipy's.

    With ties scipy has the normal approximation, which for five dimensions is no p at all: it can fall below what any order reaches.

    >>> rank_order(np.array([1.0, 1, 2, 3, 4]), np.array([1.0, 2, 3, 4, 5]))  # 2 of 60 orders
    (0.9486832980505138, 0.03333333333333333)
    """
    from scipy.stats import kendalltau

    found = kendalltau(first, second)
    if len(first) > _EXACT:
        return float(found.statistic), float(found.pvalue)
    i, j = np.triu_indices(len(first), 1)
    orders = second[np.array(list(permutations(range(len(first)))))]
    score = np.sign(orders[:, i] - orders[:, j]) @ np.sign(first[i] - first[j])
    return float(found.statistic), float((np.abs(score) >= abs(score[0]) - 0.5).mean())


def _agreement(frame: pd.DataFrame, sources: Sequence[Source], language: Language) -> Agreement:
    bad = frame.assign(bad=frame["value"] * frame["source"].map(_WORSE)).pivot(
        index="dimension", columns="source", values="bad"
    )
    rows = []
    for first, second in combinations(sources, 2):
        both = bad[[first, second]].dropna().to_numpy(float)
        tau, p, reason = np.nan, np.nan, "few" if len(both) < 3 else ""
        if not reason and (np.ptp(both, axis=0) == 0).any():
            reason = "no spread"
        if not reason:
            tau, p = rank_order(both[:, 0], both[:, 1])
        rows.append({"first": first, "second": second, "tau": tau, "p": p, "dimensions": len(both), "reason": reason})
    order = ("no problem", "unclear", "problem")
    counts = np.stack(
        [(frame["signal"] == name).groupby(frame["dimension"], sort=False).sum().to_numpy(float) for name in order],
        axis=1,
    )
    alpha = krippendorff_alpha(counts, np.arange(3.0), "ordinal")[0] if (counts.sum(axis=1) > 1).any() else np.nan
    return Agreement(pd.DataFrame(rows), language, alpha=float(alpha))


def _blind_spots(frame: pd.DataFrame, labels: Mapping[str, Text], language: Language) -> BlindSpots:
    rows = []
    for dimension, cells in frame.groupby("dimension", sort=False):
        calls = cells.loc[cells["signal"] == "problem", "source"].tolist()
        for _, cell in cells[cells["signal"].isin(["no problem", "not measured"])].iterrows() if calls else ():
            kind = "contradicts" if cell["signal"] == "no problem" else "not measured"
            rows.append({"dimension": dimension, "calls": "+".join(calls), "silent": cell["source"], "kind": kind})
    return BlindSpots(pd.DataFrame(rows, columns=["dimension", "calls", "silent", "kind"]), language, labels=labels)
