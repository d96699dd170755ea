"""Where does what customers say get lost inside the company? Seven weak links, rated by several people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.agreement import agreement
from servqual.answers import label_key, number_of, plain_id, text_of
from servqual.inference import NUMBER_COLUMNS, t_interval
from servqual.listening.matrix import key_faults, read_toml, sentences
from servqual.pulled import FEWEST, pulled_draws
from survey_design.errors import DataError, SpecError, check_between, check_choice, check_columns
from survey_design.files.table import read_table
from survey_design.results import Column, Estimate, Language, Result, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Better = Literal["higher", "lower"]

FEW_RATERS = 8  # raters, below which it is said how few they are
_REASONS: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "nobody": {"en": "nobody rated it", "zh": "无人评分"},
    "one rater": {"en": "one rater: no interval", "zh": "仅一名评分者，无区间"},
    "all alike": {"en": "all raters alike: no error can be seen", "zh": "评分全部相同，看不出误差"},
}


@dataclass(frozen=True)
class WeakLink:
    """One weak link: what is seen (``phenomenon``), which way to go (``direction``), and what others do (``practices``)."""

    id: str
    label: Text
    phenomenon: Text
    direction: Text
    practices: tuple[Text, ...]


def load_weak_links() -> tuple[WeakLink, ...]:
    """The seven weak links with phenomenon, direction and practices.

    >>> [len(link.practices) for link in load_weak_links()]
    [3, 3, 3, 1, 2, 2, 2]
    """
    shipped = resources.files("servqual.listening") / "weak_links.toml"
    content = read_toml(shipped.read_text(encoding="utf-8"), "weak_links.toml")
    keys = {"": (frozenset({"id", "title", "source", "links"}), frozenset[str]()),
            "links": (frozenset({"id", "label", "phenomenon", "direction", "practices"}), frozenset[str]())}  # fmt: skip
    faults = key_faults(content, keys)
    if faults:
        raise SpecError(f"weak_links.toml can't be used: {'; '.join(faults)}.")
    return tuple(
        WeakLink(each["id"], each["label"], each["phenomenon"], each["direction"], tuple(each["practices"]))
        for each in content["links"]
    )


@dataclass(frozen=True, eq=False, repr=False)
class WeakLinks(Result):
    """The audit of the seven links, the weakest first. Frame columns: ``link, mean, se, low, high, df, n`` (raters), ``n_dropped`` (raters
    who left it blank), ``least, greatest`` (ratings), ``chance`` (that it is the weakest), ``behind`` (how far it lies behind the weakest
    on the scale, never below 0), ``reason``.

    Attributes
    ----------
    links : the links with their words
    ratings : (raters, links) as given, nan where blank; ``raters`` names the rows
    scale : lowest and highest rating
    better : whether "higher" or "lower" ratings are better
    alpha : Krippendorff's alpha of the raters (interval scale), as an estimate with its bootstrap interval; its ``reason`` says why
        there is none
    """

    links: tuple[WeakLink, ...] = ()
    ratings: Array = field(default_factory=lambda: np.empty((0, 0)))
    raters: tuple[str, ...] = ()
    scale: tuple[float, float] = (1.0, 5.0)
    better: Better = "higher"
    level: float = 0.95
    alpha: Estimate = None  # type: ignore[assignment]
    seed: int = 0
    n_draws: int = 0

    @property
    def words(self) -> dict[str, Text]:
        """Labels of the links."""
        return {link.id: link.label for link in self.links}

    @property
    def weakest(self) -> str:
        """The link with the worst mean; of equals the first."""
        return str(self.frame["link"].iloc[0])

    def title(self) -> str:
        return "七大薄弱环节自评" if self.language == "zh" else "Seven weak links: the audit"

    def columns(self) -> tuple[Column, ...]:
        shown = [NUMBER_COLUMNS[name] for name in ("low", "high", "n")]
        reason = (Column("reason", NUMBER_COLUMNS["reason"].label, "text", _REASONS),)
        return (
            Column("link", {"en": "weak link", "zh": "薄弱环节"}, "text", self.words),
            Column("mean", {"en": "mean rating", "zh": "平均评分"}, "number"),
            *shown,
            Column("least", {"en": "least", "zh": "最低分"}, "number", decimals=0),
            Column("greatest", {"en": "greatest", "zh": "最高分"}, "number", decimals=0),
            Column("chance", {"en": "chance weakest", "zh": "为最弱的概率"}, "share"),
            *(reason if self.frame["reason"].any() else ()),
        )

    def note(self) -> str:
        low, high, r = *self.scale, len(self.raters)
        good, percent = (high, low)[self.better == "lower"], f"{100 * self.level:g}%"
        said: list[Text] = [
            {"en": f"ratings {low:g}–{high:g}, {good:g} is best; {r} rater{'s' * (r != 1)}; {percent} Student's t intervals over raters, cut at the ends of the scale",
             "zh": f"评分 {low:g}–{high:g}，{good:g} 分最好；{r} 名评分者；{percent} 学生 t 区间，以评分者为单位，截于量表两端"},
        ]  # fmt: skip
        if r > 1:
            said.append({"en": f"chance weakest: {self.n_draws:,} draws of all means together, pulled towards each other as far as their errors ask, since "
                               f"the lowest is partly bad luck (seed {self.seed})",
                         "zh": f"为最弱的概率：各均值联合抽样 {self.n_draws:,} 次，按其误差向均值收缩，因最低者部分出于运气（种子 {self.seed}）"})  # fmt: skip
        if r < FEW_RATERS:
            said.append({"en": f"{r} rater{'s' * (r != 1)} can't speak for a whole company: read the audit as what these people see",
                         "zh": f"仅 {r} 名评分者，不能代表整个企业，结果仅为这些人的看法"})  # fmt: skip
        return sentences([*said, self._agreed()], self.language)

    def _agreed(self) -> Text:
        if self.alpha.reason:
            return {"en": f"agreement of raters: none given ({self.alpha.reason})", "zh": "评分者一致性：无法给出"}
        value = self.alpha.value
        return {"en": f"agreement of raters: Krippendorff's alpha {value:.2f} ({self.alpha.interval('en')})".replace("-", "−"),
                "zh": f"评分者一致性：Krippendorff α = {value:.2f}（{self.alpha.interval('zh')}）".replace("-", "−")}  # fmt: skip

    def link(self, name: str | None = None) -> WeakLink:
        """One link with its words; without a name the weakest."""
        wanted = self.weakest if name is None else name
        known = {link.id: link for link in self.links}
        if wanted not in known:
            raise SpecError(f"there is no weak link '{wanted}'. There are: {', '.join(known)}.")
        return known[wanted]

    def practices(self, name: str | None = None) -> tuple[str, ...]:
        """What others do about one link, in words; without a name about the weakest."""
        return tuple(say(each, self.language) for each in self.link(name).practices)

    def suggestions(self, most: int = 3) -> pd.DataFrame:
        """Links, the weakest first, with ``phenomenon``, ``direction`` and ``practices`` in words."""
        rows = []
        for name in self.frame["link"].head(most):
            link = self.link(name)
            glue = "；" if self.language == "zh" else "; "
            rows.append({
                "link": name, "label": say(link.label, self.language), "phenomenon": say(link.phenomenon, self.language),
                "direction": say(link.direction, self.language), "practices": glue.join(self.practices(name)),
            })  # fmt: skip
        return pd.DataFrame(rows)

    def sentence(self) -> str:
        """The weakest link, how sure that is, and what others do about it."""
        row, zh = self.frame.iloc[0], self.language == "zh"
        name, chance = say(self.link().label, self.language), row["chance"]
        bounds = self.estimate().interval(self.language)
        high = self.scale[1]
        done = ("；" if zh else "; ").join(self.practices())
        if zh:
            sure = "" if not np.isfinite(chance) else f"，为最弱环节的概率 {100 * chance:.0f}%"
            return f"最薄弱：{name}，平均 {row['mean']:.1f}（满分 {high:g}，{bounds}，{int(row['n'])} 名评分者）{sure}。做法：{done}。"
        sure = "" if not np.isfinite(chance) else f"; chance that it is the weakest: {100 * chance:.0f}%"
        n = int(row["n"])
        return f"Weakest: {name}, {row['mean']:.1f} of {high:g} ({bounds}, {n} rater{'s' * (n != 1)}){sure}. What others do: {done}."

    def estimate(self, name: str | None = None) -> Estimate:
        """One link's mean with its interval; without a name the weakest."""
        link = self.link(name).id
        row = self.frame[self.frame["link"] == link].iloc[0]
        return Estimate(
            row["mean"], row["se"], row["low"], row["high"], int(row["n"]), row["df"], self.level,
            method="Student's t over raters", reason=say(_REASONS[row["reason"]], self.language),
        )  # fmt: skip

    def plot(self, ax: Axes | None = None) -> Axes:
        """Means with intervals and every rating (see ``servqual.plots.listening``)."""
        from servqual.plots.listening import draw_weak_links

        return draw_weak_links(self, ax)


def audit_weak_links(
    ratings: pd.DataFrame | str | Path,
    *,
    rater: str = "rater",
    link: str = "link",
    rating: str = "rating",
    scale: tuple[float, float] = (1, 5),
    better: Better = "higher",
    level: float = 0.95,
    draws: int = 4000,
    seed: int = 0,
    language: Language = "en",
) -> WeakLinks:
    """Rate the seven weak links of your own company: which is the weakest, how sure is that, and what do others do about it?

    Parameters
    ----------
    ratings : a row a rater and link, or a file of them; links by id or label
    rater, link, rating : columns
    scale, better : lowest and highest rating, and which end is good
    level : confidence of the intervals
    draws, seed : of the chance to be the weakest
    language : in which the result shows itself

    Returns
    -------
    WeakLinks
        The weakest first. ``sentence()``, ``practices()``, ``suggestions()``, ``plot()``.

    Raises
    ------
    DataError
        For every cell at once: an unknown link, a rating off the scale or that is no number, a rater who rated a link twice, a row
        without a rater. Links that nobody rated are no fault: they stand last, with their reason.

    Notes
    -----
    Raters see the same company, and some are stricter than others: that moves all links alike and drops out. What is left after
    raters and links is the error of the r raters who rated every link, variance ``s²/r`` a link with (r − 1)(k − 1) degrees of freedom.
    The link that comes out lowest was partly rated so by chance: draws of the true means are pulled towards each other as far as that
    error asks (:func:`~servqual.pulled.pulled_draws`), and the chance is how often each link is the worst; equals share. Simulated
    with five raters whose seven links were all alike, unpulled draws named a weakest one with more than 50% in 40% of audits, these in
    11%. Where links differ hardly at all such statements still claim too much. No interval speaks of people who were not asked.

    References
    ----------
    Fay and Herriot (1979), J. Am. Statist. Assoc. 74, 269-277, doi:10.1080/01621459.1979.10482505; up to three links the joint posterior
    under a flat prior (multivariate t): Box and Tiao (1973), Bayesian Inference in Statistical Analysis, section 8.4. Checked against
    scipy's t intervals, for two links the exact t chance, and by simulation of whether chances come true (tests/test_listening.py).

    Examples
    --------
    >>> rows = [
    ...     (rater, link.id, 2 if link.id == "promises" else 3 + (k + j) % 2)
    ...     for k, rater in enumerate("ABCDE")
    ...     for j, link in enumerate(load_weak_links())
    ... ]
    >>> found = audit_weak_links(pd.DataFrame(rows, columns=["rater", "link", "rating"]))
    >>> found.weakest, found.practices()
    ('promises', ('inform first, then promise', 'several checks before a promise'))
    """
    check_choice("better", better, Better)
    check_between("level", level, 0, 1)
    if not (isinstance(draws, int) and draws >= 100):
        raise SpecError(f"draws={draws!r} must be a whole number of 100 or more.")
    low, high = scale
    if not low < high:
        raise SpecError(f"scale=({low!r}, {high!r}): the lowest rating must lie below the highest.")
    table, where = (
        (ratings.copy(), "the ratings") if isinstance(ratings, pd.DataFrame) else _file(read_table(Path(ratings)))
    )
    check_columns([rater, link, rating], table.columns, where)
    links = load_weak_links()
    raters, grid = _grid(table[[rater, link, rating]], links, (low, high), where)
    frame = _table(grid, [each.id for each in links], better, level, draws, seed)
    frame[["low", "high"]] = frame[["low", "high"]].clip(low, high)
    return WeakLinks(
        frame, language, links=links, ratings=grid, raters=raters, scale=(float(low), float(high)), better=better, level=level,
        alpha=_alpha(grid, level, seed), seed=seed, n_draws=draws,
    )  # fmt: skip


def _file(read: tuple[pd.DataFrame, Any]) -> tuple[pd.DataFrame, str]:
    return read[0], read[1].name


def _grid(
    table: pd.DataFrame, links: tuple[WeakLink, ...], scale: tuple[float, float], where: str
) -> tuple[tuple[str, ...], Array]:
    """(raters, links) ratings; every cell that can't be one is refused."""
    spelled = {label_key(word): k for k, each in enumerate(links) for word in (each.id, *each.label.values())}
    names = tuple(dict.fromkeys(filter(None, (plain_id(text_of(cell)) for cell in table.iloc[:, 0]))))
    grid, faults = np.full((len(names), len(links)), np.nan), []
    for k, cells in enumerate(table.itertuples(index=False)):
        who, what, value = (text_of(cell) for cell in cells)
        number = number_of(value)
        at = spelled.get(label_key(what))
        problem = ""
        if not plain_id(who):
            column, problem = 0, "no rater"
        elif at is None:
            column, problem = 1, f"not a weak link: choose one of {', '.join(each.id for each in links)}"
        elif value and not scale[0] <= number <= scale[1]:
            column, problem = 2, f"not a rating of {scale[0]:g}–{scale[1]:g}"
        elif value and np.isfinite(grid[names.index(plain_id(who)), at]):
            column, problem = 1, f"{who} rated it before"
        if problem:
            faults.append({"file": where, "row": k + 2, "column": str(table.columns[column]),
                           "value": (who, what, value)[column], "problem": problem})  # fmt: skip
        elif value:
            grid[names.index(plain_id(who)), at or 0] = number
    if faults:
        said = "; ".join(
            f"row {each['row']}, {each['column']} {each['value']!r}: {each['problem']}" for each in faults[:6]
        )
        more = f"; and {len(faults) - 6} more" if len(faults) > 6 else ""
        raise DataError(f"{where}: {said}{more}. Correct these cells.", pd.DataFrame(faults))
    if not np.isfinite(grid).any():
        raise DataError(f"{where}: nobody rated any of the links.")
    return names, grid


def _table(grid: Array, ids: list[str], better: Better, level: float, draws: int, seed: int) -> pd.DataFrame:
    """One row a link, the weakest first."""
    known = np.isfinite(grid)
    n = known.sum(axis=0)
    filled = np.where(known, grid, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / n
        var = (np.where(known, grid - mean, 0.0) ** 2).sum(axis=0) / (n - 1)
        se = np.where(n > 1, np.sqrt(var / n), np.nan)
    sure = (n > 1) & (se > 0)
    low, high = t_interval(mean, np.where(sure, se, np.nan), np.maximum(n - 1, 1).astype(float), level)
    reason = np.select([n == 0, n == 1, ~sure], ["nobody", "one rater", "all alike"], "")
    sign = 1 if better == "higher" else -1
    seen = n > 0
    frame = pd.DataFrame({
        "link": ids, "mean": mean, "se": se, "low": low, "high": high, "df": np.where(n > 1, n - 1.0, np.nan), "n": n,
        "n_dropped": len(grid) - n,
        "least": np.where(seen, np.where(known, grid, np.inf).min(axis=0), np.nan),
        "greatest": np.where(seen, np.where(known, grid, -np.inf).max(axis=0), np.nan),
        "chance": weakest_chances(sign * grid, draws, seed), "behind": sign * mean - np.nanmin(sign * mean), "reason": reason,
    })  # fmt: skip
    return frame.iloc[np.argsort(np.where(np.isnan(mean), np.inf, sign * mean), kind="stable")].reset_index(drop=True)


def weakest_chances(grid: Array, draws: int, seed: int) -> Array:
    """Chance of each column's mean to be the least, over rows (raters) that are complete in all columns rated.

    Four columns or more: all are pulled towards their mean as far as their errors ask (:func:`servqual.pulled.pulled_draws`), with
    the variance that is left after raters and columns, of (r − 1)(k − 1) degrees of freedom; raters' strictness drops out. Fewer: joint
    t draws. nan where fewer than two rows are complete, and for columns that nobody rated.

    >>> weakest_chances(np.array([[1.0, 4, 5], [2, 4, 5], [1, 5, 5]]), 2000, 0).round(1).tolist()
    [1.0, 0.0, 0.0]
    """
    used = np.isfinite(grid).any(axis=0)
    rows = grid[:, used][np.isfinite(grid[:, used]).all(axis=1)]
    chance = np.full(grid.shape[1], np.nan)
    r = len(rows)
    if r < 2:
        return chance
    apart, k = rows - rows.mean(axis=0), rows.shape[1]
    if k >= FEWEST:
        df = (r - 1) * (k - 1)
        left = float(((apart - apart.mean(axis=1, keepdims=True)) ** 2).sum()) / df
        drawn = pulled_draws(rows.mean(axis=0), np.eye(k) * left / r, df, draws, seed)
    else:
        generator = np.random.default_rng(seed)
        errors = (
            generator.standard_normal((draws, r)) @ apart / np.sqrt(r * (r - 1))
        )  # apart' apart is the means' covariance
        drawn = rows.mean(axis=0) + errors / np.sqrt(generator.chisquare(r - 1, draws) / (r - 1))[:, None]
    values = np.round(drawn, 12)
    least = values == values.min(axis=1, keepdims=True)
    chance[used] = (least / least.sum(axis=1, keepdims=True)).mean(axis=0)
    return chance


def _alpha(grid: Array, level: float, seed: int) -> Estimate:
    """Krippendorff's alpha of the raters on the interval scale; a reason where it can't be computed."""
    nan = float("nan")
    enough = (np.isfinite(grid).sum(axis=0) > 1).sum() > 1
    differ = len(np.unique(grid[np.isfinite(grid)])) > 1
    if not (enough and differ):
        why = "ratings are all alike" if enough else "fewer than two links were rated by two people"
        return Estimate(nan, nan, nan, nan, 0, nan, level, reason=why)
    wide = pd.DataFrame(grid.T, columns=[f"rater {k + 1}" for k in range(len(grid))])
    return agreement(wide, scale="interval", level=level, seed=seed).estimate("alpha")
