"""Which themes came up, how often, among whom? Shares of speakers or statements, with sessions as clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.focus.code_frame import ELEMENTS, TOUCHPOINTS
from servqual.focus.statements import Statements, Unit, base_words, count_speakers
from servqual.inference import NUMBER_COLUMNS, Mean, Taylor, estimate
from servqual.proportions import SHARE_REASONS, effective_n, proportion_interval
from servqual.tabulation import Estimates, check_split, split_columns
from survey_design.errors import SpecError, check_between, check_choice, check_columns
from survey_design.results import Column, Language, Result, Text, say
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Base = Literal["speakers", "statements"]

FEW_SESSIONS = 5  # sessions of a group, below which it is said how few they are
_SPLIT = ("session", "segment", "city", "language", "aspect", "suggestion")
_COUNTS = ("statements", "speakers", "sessions")
_LABELS: dict[str, Text] = {
    "theme": {"en": "theme", "zh": "主题"},
    "statements": {"en": "statements", "zh": "语句数"},
    "speakers": {"en": "speakers", "zh": "发言人数"},
    "sessions": {"en": "sessions", "zh": "场次数"},
    "share": {"en": "share", "zh": "比例"},
}
_BASES: dict[str, Text] = {
    "speakers": {"en": "shares of speakers who brought the theme up", "zh": "比例为提及该主题的发言人占比"},
    "statements": {"en": "shares of coded statements that bear the theme", "zh": "比例为含该主题的已编码语句占比"},
}
_HOW: Text = {
    "en": "Wilson on the effective number, sessions as clusters (never more than if speakers were independent; t with sessions "
          "− 1 degrees of freedom)",
    "zh": "基于有效样本量的 Wilson 区间，以场次为群（不超过实际个数；t 自由度为场次数 − 1）",
}  # fmt: skip
_PEOPLE: Text = {
    "en": "Participants influence each other and were invited, not drawn: the shares describe these sessions",
    "zh": "参与者相互影响且系邀请而非随机抽取：比例只描述这些座谈会",
}


@dataclass(frozen=True, eq=False, repr=False)
class Themes(Estimates):
    """How often each theme came up. Frame columns: the split columns, ``dimension, theme``; ``statements, speakers, sessions``
    that bear it and ``n_statements, n_speakers, n_sessions`` in all; ``n`` (the base of the share), ``share, se, low, high, df,
    deff, reason``.

    Attributes
    ----------
    statements : what was counted
    base : "speakers" or "statements"
    of : "code" or "dimension"
    counted : whose codes count
    n_uncoded : statements that nobody coded, outside of every base
    """

    statements: Statements = None  # type: ignore[assignment]
    base: Base = "speakers"
    of: Unit = "code"
    counted: str = "any"
    n_uncoded: int = 0

    def title(self) -> str:
        return self.titled({"en": "Themes", "zh": "主题提及情况"})

    def columns(self) -> tuple[Column, ...]:
        words = self.statements.code_frame.words()
        bounds = (replace(NUMBER_COLUMNS[name], kind="share") for name in ("low", "high"))
        return (
            *self.by_columns,
            Column("theme", _LABELS["theme"], "text", words),
            *(Column(name, _LABELS[name], "count") for name in _COUNTS),
            NUMBER_COLUMNS["n"],
            Column("share", _LABELS["share"], "share"),
            *bounds,
            *self.reasons(SHARE_REASONS),
        )

    def note(self) -> str:
        remarks = (_BASES[self.base], *self.remarks)
        stop = "。" if self.language == "zh" else "."
        lead = "" if self.language == "zh" else " "
        said = self.noted(*remarks, self.how())
        return said[:1].upper() + said[1:] + lead + say(_PEOPLE, self.language) + stop

    @property
    def method(self) -> str:
        return say(_HOW, self.language)

    def sentence(self, theme: str | None = None, **group: Any) -> str:
        """One theme in words; without a name the one that most brought up."""
        frame = self.frame
        if theme is None:
            top = frame.iloc[int(np.argmax(frame["share"].fillna(-1)))]
            theme, group = str(top["theme"]), {name: top[name] for name in self.by}
        row, zh = self.find("theme", theme, group, "Themes"), self.language == "zh"
        place = self.beside(say(self.statements.code_frame.words()[theme], self.language), row)
        what, sign = {"speakers": (("speakers", "位发言人"), " 人"), "statements": (("statements", "条语句"), " 条")}[
            self.base
        ]
        head = f"{int(row[self.base]):,}", f"{int(row['n']):,}"
        if not np.isfinite(row["low"]):
            return (
                f"{place}：{head[1]} {what[1]}中 {head[0]}{sign}。"
                if zh
                else f"{place}: {head[0]} of {head[1]} {what[0]}."
            )
        share, low, high = (f"{100 * row[name]:.0f}%" for name in ("share", "low", "high"))
        level, k = f"{100 * self.level:g}%", int(row["n_sessions"])
        if zh:
            return f"{place}：{head[1]} {what[1]}中 {head[0]}{sign}（{share}，{level} 置信区间 {low} 至 {high}，{k} 场座谈会）。"
        plural = "s" * (k != 1)
        return f"{place}: {head[0]} of {head[1]} {what[0]} ({share}, {level} CI {low} to {high}, {k} session{plural})."

    def plot(self, ax: Axes | None = None, *, most: int = 15) -> Axes:
        """Shares with their intervals, the themes that most brought up first (see ``servqual.plots.focus``)."""
        from servqual.plots.focus import draw_theme_shares

        return draw_theme_shares(self, ax, most=most)


def themes(
    statements: Statements,
    *,
    by: str | Sequence[str] | None = None,
    of: Unit = "code",
    base: Base = "speakers",
    counted: str = "any",
    level: float = 0.95,
) -> Themes:
    """How often each theme came up, in all or by segment, city or session.

    Parameters
    ----------
    statements : Statements
    by : column or columns to split by ("segment", "session")
    of : "code", or "dimension" for the seven dimensions
    base : what the share is a share of: "speakers" who said anything that was coded, or coded "statements"
    counted : "any", "most", "all", or a coder's name (see :meth:`Statements.given`)
    level : confidence of the intervals

    Returns
    -------
    Themes
        Every theme of the code frame has its row, heard or not.

    Notes
    -----
    A share of speakers says how widely a theme is held, a share of statements how much room it took: one person may say the
    same five times. People of one session hear each other, so sessions are the clusters: the standard error is Taylor's
    between sessions, and Wilson's interval rests on ``n_eff = min(p(1 − p)/SE² · (t(n − 1)/t(df))², n (t(n − 1)/t(df))²)``:
    where a handful of sessions happen to look alike, that is not taken for knowledge. Where none or all bear a theme the
    second term is left. With one session its speakers are the units, and the remark says so. Who sat there in silence is in
    no base; neither are statements without a speaker where the base is speakers.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201. Checked against R's ``survey`` and counts in pandas
    (tests/test_focus.py).

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> found = themes(read_statements("data/sample/statements.csv"), by="segment", of="dimension")
    >>> found.sentence("service_functions", segment="business")  # doctest: +ELLIPSIS
    'Service functions: six touchpoints (business customers): ... of 24 speakers (...).'
    """
    check_choice("of", of, Unit)
    check_choice("base", base, Base)
    check_between("level", level, 0, 1)
    split = split_columns(by)
    check_columns(split, statements.frame.columns, "the table of statements")
    names = statements.themes_of(of)
    check_split(split, ("dimension", "theme", *_COUNTS))
    given, coded = statements.given(counted, of)
    rows = statements.frame.loc[coded].reset_index(drop=True)
    if rows.empty:
        raise SpecError(f"no statement was coded (counted={counted!r}): there is nothing to count.")
    borne = given[coded]
    table = _table(rows, borne, names, split, base, level)
    frames = (
        {code.id: code.dimension for code in statements.code_frame.codes} if of == "code" else {n: n for n in names}
    )
    table.insert(len(split), "dimension", table["theme"].map(frames))
    counts = len(rows), count_speakers(rows), rows["session"].nunique()
    remarks = [base_words(statements, counted, counts), *_few(table, split), *_uncoded(int((~coded).sum()))]
    return Themes(
        table, statements.language, by=split, by_columns=tuple(statements.column_of(name) for name in split), level=level,
        interval=Taylor(), remarks=tuple(remarks), statements=statements, base=base, of=of, counted=counted,
        n_uncoded=int((~coded).sum()),
    )  # fmt: skip


def _few(table: pd.DataFrame, split: Sequence[str]) -> list[Text]:
    """That a group has few sessions."""
    least = int(table["n_sessions"].min())
    if least >= FEW_SESSIONS:
        return []
    en = f"{'a group has only' if split else 'there are only'} {least} session{'s' * (least != 1)}: its intervals are rough"
    return [{"en": en, "zh": f"{'有的组' if split else ''}仅 {least} 场座谈会，区间较为粗略"}]


def _uncoded(n: int) -> list[Text]:
    if not n:
        return []
    return [{"en": f"{n:,} statement{'s' * (n != 1)} not coded, left out", "zh": f"另有 {n:,} 条语句未编码，未计入"}]


def _table(
    rows: pd.DataFrame, borne: Array, names: Sequence[str], split: Sequence[str], base: Base, level: float
) -> pd.DataFrame:
    """One row per group and theme: counts, share and interval."""
    marks = [f"theme {k}" for k in range(len(names))]
    data = pd.concat([rows, pd.DataFrame(borne.astype(float), columns=marks)], axis=1)
    keys = data[list(split)].astype(object).where(data[list(split)].notna(), "–")
    data[list(split)] = keys
    groups = [((), data)] if not split else list(data.groupby(list(split), sort=False))
    people = (
        data[data["speaker"].notna()].groupby([*dict.fromkeys((*split, "session", "speaker"))], sort=False)[marks].max()
    )
    units = people.reset_index() if base == "speakers" else data
    parts = []
    for label, group in groups:
        mine = units if not split else units[(units[list(split)] == list(label)).all(axis=1)]
        counts = _counts(group, marks)
        numbers = _numbers(mine, marks, level)
        parts.append(pd.DataFrame({**dict(zip(split, label, strict=True)), "theme": list(names), **counts, **numbers}))
    return pd.concat(parts, ignore_index=True)


def _counts(group: pd.DataFrame, marks: Sequence[str]) -> dict[str, Any]:
    """Statements, speakers and sessions that bear each theme, and how many there are."""
    spoken = group[group["speaker"].notna()]
    speakers = spoken.groupby(["session", "speaker"], sort=False)[list(marks)].max()
    sessions = group.groupby("session", sort=False)[list(marks)].max()
    found = {"statements": group[list(marks)], "speakers": speakers, "sessions": sessions}
    return {
        **{name: table.sum().to_numpy().astype(int) for name, table in found.items()},
        **{f"n_{name}": len(table) for name, table in found.items()},
    }


def _numbers(units: pd.DataFrame, marks: Sequence[str], level: float) -> dict[str, Any]:
    """Share, error and interval of each theme among the units of one group."""
    n = len(units)
    if not n:
        empty = dict.fromkeys(("share", "se", "low", "high", "df", "deff"), np.nan)
        return {"n": 0, **empty, "reason": "nobody"}
    several = units["session"].nunique() > 1
    design = SampleDesign(clusters="session") if several else SampleDesign()
    found = estimate(units[["session", *marks]], Mean(*marks), design, level=level).frame
    share, se, df = (found[name].to_numpy(float) for name in ("estimate", "se", "df"))
    share = np.clip(share, 0.0, 1.0)
    low, high = theme_bounds(share, se, n, df, level)
    reason = "" if several else "one cluster"
    return {"n": n, "share": share, "se": se, "low": low, "high": high, "df": df, "deff": found["deff"].to_numpy(float),
            "reason": reason}  # fmt: skip


def theme_bounds(share: Array, se: Array, n: int, df: Array, level: float) -> tuple[Array, Array]:
    """Wilson bounds on the effective number of units, which is never taken to be more than their number.

    >>> import numpy as np
    >>> low, high = theme_bounds(np.array([0.4, 0.0]), np.array([0.01, 0.0]), 40, np.array([3.0, 3.0]), 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.204, 0.0], [0.635, 0.192])
    """
    from servqual.proportions import CURVES, df_shrinkage

    if n < 2:
        low, high = proportion_interval(share.round().astype(int), np.full(len(share), n), level=level)
        return np.asarray(low), np.asarray(high)
    size = n * df_shrinkage(np.full(len(share), float(n)), df, level)
    spread = (share > 0) & (share < 1) & (se > 0)
    size[spread] = np.minimum(
        size[spread], effective_n(share[spread], se[spread], np.full(spread.sum(), float(n)), df[spread], level=level)
    )
    low, high = CURVES["wilson"](share * size, size, level)
    return np.asarray(low), np.asarray(high)


# --- what goes together ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class CoOccurrence(Result):
    """Which themes are spoken of together. Frame columns: ``theme, with, n_theme, n_with, both, n, expected, jaccard, lift``.

    Attributes
    ----------
    within : "statement", "speaker" or "session"
    """

    statements: Statements = None  # type: ignore[assignment]
    within: str = "statement"
    remarks: tuple[Text, ...] = ()

    def title(self) -> str:
        return "主题共现" if self.language == "zh" else "Themes that go together"

    def columns(self) -> tuple[Column, ...]:
        words = self.statements.code_frame.words()
        return (
            Column("theme", _LABELS["theme"], "text", words),
            Column("with", {"en": "with", "zh": "与"}, "text", words),
            Column("n_theme", {"en": "first", "zh": "前者"}, "count"),
            Column("n_with", {"en": "second", "zh": "后者"}, "count"),
            Column("both", {"en": "both", "zh": "共现"}, "count"),
            Column("expected", {"en": "by chance", "zh": "偶然期望"}, "number", decimals=1),
            Column("jaccard", {"en": "Jaccard", "zh": "Jaccard 系数"}, "number"),
            Column("lift", {"en": "lift", "zh": "提升度"}, "number"),
        )

    def note(self) -> str:
        units = {
            "statement": ("statements", "语句"),
            "speaker": ("speakers", "发言人"),
            "session": ("sessions", "场次"),
        }
        en, zh = units[self.within]
        said = "；".join(say(each, "zh") for each in self.remarks) if self.language == "zh" else "; ".join(
            say(each, "en") for each in self.remarks)  # fmt: skip
        if self.language == "zh":
            return (f"{said}。共现按{zh}计。Jaccard 系数 = 共现 ÷ 至少含其一；提升度 = 共现 ÷ 偶然期望，大于 1 为多于偶然。"
                    "共现少于 3 时提升度意义不大。")  # fmt: skip
        return (f"{said}. Counted within {en}. Jaccard: both over either; lift: both over what chance would bring, above 1 for "
                "more than that. With fewer than 3 in common lift says little.")  # fmt: skip

    def sentence(self) -> str:
        """The pair that stands together most often."""
        zh = self.language == "zh"
        if self.frame.empty or not self.frame["both"].max():
            return "没有共现的主题。" if zh else "No two themes stand together."
        row = self.frame.iloc[int(np.argmax(self.frame["both"]))]
        words = self.statements.code_frame.words()
        one, two = (say(words[str(row[name])], self.language) for name in ("theme", "with"))
        if zh:
            return f"最常共现：“{one}”与“{two}”，{int(row['both'])} 次（提升度 {row['lift']:.1f}）。"
        return f"Most often together: '{one}' and '{two}', {int(row['both'])} times (lift {row['lift']:.1f})."


def co_occurrence(
    statements: Statements,
    *,
    within: Literal["statement", "speaker", "session"] = "statement",
    of: Unit = "code",
    counted: str = "any",
    language: Language | None = None,
) -> CoOccurrence:
    """Which themes are spoken of in one breath (statement), by one person, in one session.

    Notes
    -----
    With n units, a and b of which bear one and the other theme and c both: Jaccard ``c/(a + b − c)``, lift ``c n/(a b)``. Pairs
    of which one was never heard are left out. No test is made: statements of one session are not independent.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> table = pd.DataFrame({"session": "S1", "text": ["a", "b", "c", "d"], "codes": ["payment; timeliness", "payment",
    ...     "timeliness; payment", "safety"]})
    >>> co_occurrence(read_statements(table)).frame[["both", "jaccard", "lift"]].iloc[0].round(3).tolist()
    [2.0, 0.667, 1.333]
    """  # fmt: skip
    check_choice("within", within, Literal["statement", "speaker", "session"])
    given, coded = statements.given(counted, of)
    rows, borne = statements.frame.loc[coded], pd.DataFrame(given[coded])
    if within != "statement":
        keys = [rows["session"].to_numpy(), *([rows["speaker"].to_numpy()] if within == "speaker" else [])]
        borne = borne.groupby(keys, sort=False).max()
    marks = borne.to_numpy().astype(int)
    names = np.array(statements.themes_of(of), dtype=object)
    together, n = marks.T @ marks, len(marks)
    a = np.diag(together)
    first, second = np.triu_indices(len(names), 1)
    heard = (a[first] > 0) & (a[second] > 0)
    first, second = first[heard], second[heard]
    both, expected = together[first, second], a[first] * a[second] / max(n, 1)
    frame = pd.DataFrame({
        "theme": names[first], "with": names[second], "n_theme": a[first], "n_with": a[second], "both": both, "n": n,
        "expected": expected, "jaccard": both / np.maximum(a[first] + a[second] - both, 1), "lift": both / expected,
    }).sort_values(["both", "jaccard"], ascending=False, kind="stable", ignore_index=True)  # fmt: skip
    counts = int(coded.sum()), count_speakers(rows), rows["session"].nunique()
    return CoOccurrence(
        frame, language or statements.language, statements=statements, within=within,
        remarks=(base_words(statements, counted, counts),),
    )  # fmt: skip


# --- touchpoints by elements -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class TouchpointGrid(Result):
    """Touchpoints by elements: in how many statements both are spoken of. Frame columns: ``touchpoint, element, statements,
    speakers, sessions, negative, positive`` (of those with a sentiment by people)."""

    statements: Statements = None  # type: ignore[assignment]
    remarks: tuple[Text, ...] = field(default_factory=tuple)

    def title(self) -> str:
        return "接触点 × 服务要素" if self.language == "zh" else "Touchpoints by elements"

    def columns(self) -> tuple[Column, ...]:
        words = self.statements.code_frame.words()
        return (
            Column("touchpoint", {"en": "touchpoint", "zh": "接触点"}, "text", words),
            Column("element", {"en": "element", "zh": "要素"}, "text", words),
            *(Column(name, _LABELS[name], "count") for name in _COUNTS),
            Column("negative", {"en": "negative", "zh": "负面"}, "count"),
            Column("positive", {"en": "positive", "zh": "正面"}, "count"),
        )

    def note(self) -> str:
        said = [say(each, self.language) for each in self.remarks]
        if np.isnan(self.statements.sentiment).all():
            said.append(
                "无人工情感编码，正负面为 0"
                if self.language == "zh"
                else "nobody coded sentiment: no signs are counted"
            )
        return ("；".join(said) + "。") if self.language == "zh" else ("; ".join(said) + ".")

    def matrix(self, value: str = "statements") -> pd.DataFrame:
        """The grid as a table of touchpoints by elements."""
        wide = self.frame.pivot(index="touchpoint", columns="element", values=value)
        return wide.loc[list(dict.fromkeys(self.frame["touchpoint"])), list(dict.fromkeys(self.frame["element"]))]

    def sentence(self) -> str:
        """The fullest cell."""
        row, words = self.frame.iloc[int(np.argmax(self.frame["statements"]))], self.statements.code_frame.words()
        one, two = (say(words[str(row[name])], self.language) for name in ("touchpoint", "element"))
        filled, cells, n = int((self.frame["statements"] > 0).sum()), len(self.frame), int(row["statements"])
        if self.language == "zh":
            return f"{cells} 格中有 {filled} 格被提及；最多的是“{one} × {two}”，{n} 条语句。"
        return f"{filled} of {cells} cells were spoken of; most often {one} × {two}, in {n} statement{'s' * (n != 1)}."


def touchpoint_grid(statements: Statements, *, counted: str = "any") -> TouchpointGrid:
    """At which touchpoint which element counts: statements that bear a code of both dimensions.

    Raises
    ------
    SpecError
        If the code frame has no touchpoints and elements.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> grid = touchpoint_grid(read_statements("data/sample/statements.csv"))
    >>> grid.matrix().shape
    (6, 7)
    """
    frame = statements.code_frame
    if not frame.touchpoints:
        raise SpecError(
            f"code frame '{frame.name}' names no touchpoints and elements. In a TOML code frame write "
            'touchpoints = "<dimension id>" and elements = "<dimension id>"; in a table of codes call the two dimensions '
            f"{TOUCHPOINTS} and {ELEMENTS}. Its dimensions: {', '.join(each.id for each in frame.dimensions)}."
        )
    given, coded = statements.given(counted)
    place = {code.id: k for k, code in enumerate(frame.codes)}
    rows = []
    for point in frame.codes_of(frame.touchpoints):
        for element in frame.codes_of(frame.elements):
            hit = given[:, place[point.id]] & given[:, place[element.id]] & coded
            said = statements.frame.loc[hit]
            sign = statements.sentiment[hit]
            rows.append({"touchpoint": point.id, "element": element.id, "statements": int(hit.sum()),
                         "speakers": count_speakers(said), "sessions": said["session"].nunique(),
                         "negative": int((sign < 0).sum()), "positive": int((sign > 0).sum())})  # fmt: skip
    counts = (
        int(coded.sum()),
        count_speakers(statements.frame.loc[coded]),
        statements.frame.loc[coded, "session"].nunique(),
    )
    return TouchpointGrid(
        pd.DataFrame(rows),
        statements.language,
        statements=statements,
        remarks=(base_words(statements, counted, counts),),
    )
