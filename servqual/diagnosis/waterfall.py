"""Where is quality lost on the way from what customers expect to what they perceive? The customer gap as a sum of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.diagnosis.chain import CHAIN, LEVELS, Differences, Finding, Level, chances_of_largest_loss, share_interval
from servqual.diagnosis.sources import Rows, Sources
from servqual.diagnosis.words import FINDING_REASONS, SHORT
from servqual.inference import NUMBER_COLUMNS, t_interval
from servqual.measures import TOTALS
from servqual.tabulation import IntervalTable
from survey_design.errors import SpecError
from survey_design.results import Column, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_CLEAR = 2  # half-widths of its interval that the customer gap must be from 0 before shares of it are told
_SURE = 0.75  # chance from which a step is said to lose most; below it steps are not told apart
_NAMED = 0.1  # chance from which a step that may lose most is named where they are not
DRAWS = 20_000  # of the joint distribution behind the chances
_STEPS: tuple[Finding, ...] = (
    "knowledge",
    "standards",
    "delivery",
    "perception",
)  # between consecutive levels of the chain
_NUMBERS = ("gap", "se", "low", "high", "df", "share", "share_low", "share_high", "largest", "start", "end")


@dataclass(frozen=True, eq=False, repr=False)
class Waterfall(IntervalTable):
    """The customer gap as a sum of steps, for every dimension and their mean; ``by_item`` has the same of every item.

    Frame columns: ``what`` (dimension, total), ``id``; ``step`` (knowledge, standards, delivery, perception; "customer" for the
    sum; steps without a level between them are one, "standards+delivery"); ``gap, se, low, high, df``; ``share`` of the customer
    gap with ``share_low, share_high``; ``largest``, the chance that the step is the largest loss; ``start, end``, the levels
    before and after it; ``items`` it rests on; ``reason``.

    Attributes
    ----------
    by_item : the same columns, for items
    turns : row -> the floor (service where nothing of a standard is kept) from which delivery would no longer be the largest loss
    items, all_items : items that the sums rest on, and all of the instrument
    labels : labels of rows
    seed : of the draws behind ``largest``
    """

    items: tuple[str, ...] = ()
    all_items: tuple[str, ...] = ()
    labels: Mapping[str, Text] = field(default_factory=dict)
    by_item: pd.DataFrame = field(default_factory=pd.DataFrame)
    turns: Mapping[str, float] = field(default_factory=dict)
    floor: float = 1.0
    seed: int = 0

    def title(self) -> str:
        return "顾客差距的构成" if self.language == "zh" else "What makes up the customer gap"

    def step_words(self) -> dict[str, Text]:
        """What every step is called."""
        return step_words(dict.fromkeys(self.frame["step"]))

    def columns(self) -> tuple[Column, ...]:
        shares = [Column("share", {"en": "share", "zh": "份额"}, "share"),
                  Column("share_low", {"en": "share, low", "zh": "份额下限"}, "share"),
                  Column("share_high", {"en": "share, high", "zh": "份额上限"}, "share")]  # fmt: skip
        return (
            Column("id", {"en": "dimension", "zh": "维度"}, "text", self.labels),
            Column("step", {"en": "step", "zh": "环节"}, "text", self.step_words()),
            replace(NUMBER_COLUMNS["gap"], label={"en": "gap", "zh": "差距"}),
            *(NUMBER_COLUMNS[name] for name in ("low", "high")),
            *shares,
            Column("largest", {"en": "chance of largest loss", "zh": "损失最大的概率"}, "share"),
            Column("items", {"en": "items", "zh": "题项数"}, "count"),
            *self.reasons(FINDING_REASONS),
        )

    @property
    def method(self) -> str:
        if self.language == "zh":
            return "各来源相互独立，方差相加，自由度按 Satterthwaite 法"
        return "sources are independent, variances add, Satterthwaite's degrees of freedom"

    def about(self) -> tuple[Text, ...]:
        k, total = len(self.items), len(self.all_items)
        over = {
            "en": f"sums over the {k} of {total} items that were measured everywhere",
            "zh": f"合计仅含各来源均已测量的 {k} 个题项（共 {total} 个）",
        }
        whole = {"en": f"all {total} items were measured everywhere", "zh": f"全部 {total} 个题项在各来源均已测量"}
        return (
            whole if k == total else over,
            {"en": "negative: quality is lost at this step; a share below 0 makes good what is lost elsewhere",
             "zh": "负值表示该环节损失质量；份额为负表示弥补了其他环节的损失"},
            {"en": "shares: Fieller's interval, none where the customer gap is not far enough from 0 (twice the half-width of its interval)",
             "zh": "份额：Fieller 区间；顾客差距离 0 不够远（不足区间半宽的两倍）时不计算"},
            {"en": f"chances from {DRAWS:,} joint draws (seed {self.seed}), each source t with its own degrees of freedom; they take the model as true",
             "zh": f"概率由联合抽取 {DRAWS:,} 次得出（种子 {self.seed}），各来源按其自由度的 t 分布，以模型成立为前提"},
            *self._taken_together(),
        )  # fmt: skip

    def _taken_together(self) -> tuple[Text, ...]:
        """What the chance of steps without a level between them means."""
        if not self.frame["step"].str.contains("+", regex=False).any():
            return ()
        return ({"en": "steps without a level between them are one: its loss and its chance are those of their sum, which hides a loss that "
                       "one makes good for the other",
                 "zh": "其间无测量的环节合为一段：损失与概率均指其合计，一项的损失可能被另一项弥补而不可见"},)  # fmt: skip

    @staticmethod
    def is_sure(chance: float) -> bool:
        """Whether a chance is high enough for one step to be named as the one that loses most; below it the steps are open."""
        return chance >= _SURE

    def rows(self, key: str = "mean") -> pd.DataFrame:
        """The steps of a dimension, an item or the mean ("mean"), and after them the customer gap."""
        found = next(
            (each[each["id"] == key] for each in (self.frame, self.by_item) if (each["id"] == key).any()), None
        )
        if found is None:
            known = ", ".join(dict.fromkeys(self.frame["id"]))
            raise SpecError(
                f"there is no waterfall of {key!r}. Choose one of {known}, or an item that was measured everywhere."
            )
        return found.reset_index(drop=True)

    def sentence(self, key: str = "mean") -> str:
        """The customer gap of one row as the sum of its steps, and which step most likely loses most.

        A step is named as the largest loss at a chance of 75% or more, and only where every step stands alone: of steps that
        were not told apart one may lose more than their sum shows.
        """
        rows, zh = self.rows(key), self.language == "zh"
        signed, words = NUMBER_COLUMNS["gap"], self.step_words()
        steps, whole = rows[rows["step"] != "customer"], rows[rows["step"] == "customer"].iloc[0]
        glue = "、" if zh else ", "
        told = glue.join(
            f"{say(words[row['step']], self.language)} {signed.show(row['gap'], self.language)}"
            for _, row in steps.iterrows()
        )
        name, k = say(self.labels[key], self.language), int(whole["items"])
        error = _error(whole, self.level, self.language)
        value = signed.show(whole["gap"], self.language)
        if zh:
            return f"{name}：顾客差距 {value} 分（{error}，{k} 个题项）= {told}。{self._largest(steps, whole)}"
        return f"{name}: the customer gap of {value} points ({error}, {k} item{'s' * (k != 1)}) is {told}. {self._largest(steps, whole)}"

    def _largest(self, steps: pd.DataFrame, whole: pd.Series) -> str:
        """The step that most likely loses most, in words."""
        zh, words = self.language == "zh", self.step_words()
        if steps["largest"].isna().all():
            unknown = steps.loc[steps["se"].isna(), "reason"]
            why = say(FINDING_REASONS[next(iter(unknown), "") or "no error"], self.language)
            return f"无法判断哪一环节损失最大（{why}）。" if zh else f"Which step loses most can't be told ({why})."
        top = steps.iloc[int(np.nanargmax(steps["largest"].to_numpy(float)))]
        none, lumps = 1 - float(steps["largest"].sum()), self._lumps(steps)
        if not self.is_sure(max(none, float(top["largest"]))):
            return self._open(steps, none) + lumps
        if none > float(top["largest"]):
            told = _chance(none, self.language)
            zh_none, en_none = (
                f"最可能的是没有任何环节损失质量（概率 {told}）。",
                f"Most likely no step loses quality (chance {told}).",
            )
            return (zh_none if zh else en_none) + lumps
        name, chance = say(words[top["step"]], self.language), _chance(float(top["largest"]), self.language)
        share, turn = self._share(top, whole), self._turn(str(top["id"]), str(top["step"]))
        if lumps:
            if zh:
                return f"就已测量的各段而言，损失最多的最可能是{name}（概率 {chance}）{share}。{lumps}"
            together = " together" if "+" in top["step"] else ""
            return f"Of the parts that were measured, most is most likely lost in {name}{together} (chance {chance}){share}.{lumps}"
        if zh:
            return f"损失最大的环节最可能是{name}（概率 {chance}）{share}。{turn}"
        return f"The largest loss is most likely {name} (chance {chance}){share}.{turn}"

    def _open(self, steps: pd.DataFrame, none: float) -> str:
        """That the data don't say which step loses most, with the chances of those that may."""
        zh, words = self.language == "zh", self.step_words()
        nothing: Text = {"en": "no loss at all", "zh": "无任何损失"}
        chances = [(float(row["largest"]), words[row["step"]]) for _, row in steps.iterrows()] + [(none, nothing)]
        named = [each for each in sorted(chances, key=lambda each: -each[0]) if each[0] >= _NAMED]
        gap, glue = (" ", "；") if zh else (" ", "; ")
        told = glue.join(f"{say(name, self.language)}{gap}{_chance(chance, self.language)}" for chance, name in named)
        if zh:
            return f"哪一环节损失最大无法区分（概率：{told}）。"
        return f"Which step loses most cannot be told apart (chances: {told})."

    def _lumps(self, steps: pd.DataFrame) -> str:
        """That a step within those taken together may lose more than any that is named; empty where each stands alone."""
        words = self.step_words()
        lumped = [say(words[step], self.language) for step in dict.fromkeys(steps["step"]) if "+" in str(step)]
        if not lumped:
            return ""
        if self.language == "zh":
            return f"{'；'.join(lumped)}未能分开：其中一项可能损失更多，而由另一项弥补。"
        verb = "were not told apart: one of them alone may lose more, which another makes good."
        return f" {_capital('; '.join(lumped))} {verb}"

    def _share(self, top: pd.Series, whole: pd.Series) -> str:
        """What part of the customer gap a step is, in words that follow its name."""
        zh = self.language == "zh"
        if np.isfinite(top["share_low"]) and whole["gap"] > 0:
            return (
                "，但被其他环节弥补：总体上感知高于期望"
                if zh
                else ", which other steps more than make good: customers get more than they expect"
            )
        if np.isfinite(top["share_low"]):
            low, high, value = (_percent(top[each]) for each in ("share_low", "share_high", "share"))
            made = bool(top["share"] > 1)  # other steps make good the rest
            en = f", {value} of the gap ({100 * self.level:g}% interval {low} to {high}){', part of which other steps make good' * made}"
            zh_words = f"，相当于顾客差距的 {value}（{100 * self.level:g}% 区间 {low} 至 {high}）{'，其中一部分由其他环节弥补' * made}"
            return zh_words if zh else en
        if whole["reason"] == "unclear":
            return ("；" if zh else "; ") + say(FINDING_REASONS["unclear"], self.language)
        return ""

    def _turn(self, key: str, step: str) -> str:
        """From which floor the answer would be another, in words, after a sentence on the largest loss."""
        words = self.turn_words(key) if step == "delivery" else ""
        return words if self.language == "zh" or not words else f" {words}"

    def turn_words(self, key: str = "mean") -> str:
        """From which floor (the service where nothing of a standard is kept) delivery would no longer lose most; may be empty."""
        turn = self.turns.get(key, np.nan)
        if not np.isfinite(turn):
            return ""
        if self.language == "zh":
            return f"若标准完全未执行时服务不低于 {turn:.1f} 分（此处取 {self.floor:g} 分），交付便不再是最大损失。"
        return f"Delivery would no longer lose most if keeping nothing of a standard gave {turn:.1f} or more (here {self.floor:g})."

    def plot(self, ax: Axes | None = None, key: str = "mean") -> Axes:
        """From what is expected to what is perceived, step by step."""
        from servqual.plots.diagnosis import draw_waterfall

        return draw_waterfall(self, ax, key=key)


def step_words(steps: Any) -> dict[str, Text]:
    """What steps are called; several that could not be told apart are joined.

    >>> step_words(["standards+delivery+perception"])["standards+delivery+perception"]["en"]
    'standards, delivery and perception'
    """
    words: dict[str, Text] = {}
    for step in steps:
        names = [SHORT[name] for name in str(step).split("+")]
        words[str(step)] = {
            "en": _listed([each["en"] for each in names], ", ", " and "),
            "zh": _listed([each["zh"] for each in names], "、", "与"),
        }
    return words


def _listed(names: Sequence[str], comma: str, last: str) -> str:
    return last.join([*([comma.join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%".replace("-", "−")


def _chance(share: float, language: str) -> str:
    """A chance in words; draws can't show any to be certain.

    >>> _chance(0.42, "en"), _chance(0.999, "en"), _chance(1.0, "zh")
    ('42%', 'over 99%', '99% 以上')
    """
    if share < 0.995:
        return _percent(share)
    return "99% 以上" if language == "zh" else "over 99%"


def _error(row: pd.Series, level: float, language: str) -> str:
    if not np.isfinite(row["low"]):
        return say(FINDING_REASONS[row["reason"] or "no error"], language)
    low, high = (NUMBER_COLUMNS["low"].show(row[name], language) for name in ("low", "high"))
    return f"{100 * level:g}% 置信区间 {low} 至 {high}" if language == "zh" else f"{100 * level:g}% CI {low} to {high}"


# --- from levels to steps ----------------------------------------------------------------------------------


def waterfall_of(sources: Sources, remarks: Sequence[Text], *, seed: int) -> Waterfall | None:
    """The steps over the items that all measured levels have; None where there is nothing between E and P, or no such item."""
    chain = sources.chain
    items = sources.with_levels(chain)
    if not {"expected", "perceived"} <= set(chain) or len(chain) < 3 or not items:
        return None
    rows = sources.rows(items)
    pairs = [(after, before) for before, after in pairwise(chain)]
    steps = ["+".join(_STEPS[CHAIN.index(before) : CHAIN.index(after)]) for after, before in pairs]
    found = rows.levels.differences([*pairs, ("perceived", "expected")])

    silent = rows.levels.silent([*pairs, ("perceived", "expected")])
    frame = _frame(rows, found, [*steps, "customer"], chain, silent, sources.level, seed)
    items_apart = frame["what"] == "item"
    words = {**sources.instrument.words(), **TOTALS}
    return Waterfall(
        frame[~items_apart].reset_index(drop=True), sources.responses.language, by_item=frame[items_apart].reset_index(drop=True),
        turns=_turns(rows, found.value, steps, sources), floor=sources.lowest, level=sources.level, remarks=tuple(remarks), items=items, all_items=sources.items,
        labels=words, seed=seed,
    )  # fmt: skip


def _turns(rows: Rows, value: Array, steps: Sequence[str], sources: Sources) -> dict[str, float]:
    """Row -> the floor from which delivery would lose no more than another step does.

    A floor higher by x raises delivery by ``lift x`` and lowers perception by as much; nothing else moves.
    """
    if "delivery" not in steps:
        return {}
    d, out = list(steps).index("delivery"), {}
    for row, measure in enumerate(rows.measures):
        lift = rows.lift[row]
        ways = [
            (value[row, k] - value[row, d]) / (lift * (2 if step == "perception" else 1))
            for k, step in enumerate(steps)
            if k != d and lift > 0
        ]
        least = min(ways, default=np.nan)
        floor = sources.lowest + least
        out[measure.id] = float(floor) if least > 0 and floor < sources.instrument.scale.high else np.nan
    return out


def _frame(
    rows: Rows, found: Differences, steps: Sequence[str], chain: Sequence[Level], silent: Array, level: float, seed: int
) -> pd.DataFrame:
    """All rows with their steps; the customer gap is the last step of each. ``silent`` is the (r, g) level that a step lacks."""
    r, g = found.value.shape
    value, se, df = found.value.copy(), found.se.copy(), found.df.copy()
    _as_scored(rows, value, se, df)
    low, high = t_interval(value, se, df, level)
    unclear = ~(np.abs(value[:, -1]) >= _CLEAR * (high[:, -1] - low[:, -1]) / 2)
    known = np.isfinite(se)
    shares = _shares(value, se, df, found.covariance[:, :, -1], unclear, level)
    every = np.asarray(known[:, :-1].all(axis=1))
    whole = np.where(every[:, None], value[:, :-1], np.nan)  # a step without an error: no chances
    apart = [(each[:, :-1, :-1], degrees) for each, degrees in found.sources]
    chances = chances_of_largest_loss(whole, apart, draws=DRAWS, seed=seed)
    levels = rows.levels.value[:, [LEVELS.index(name) for name in chain]]
    start, end = (
        np.column_stack([levels[:, part], levels[:, whole]]) for part, whole in ((slice(-1), 0), (slice(1, None), -1))
    )
    why = np.where(silent == "", "no error", "no " + silent)
    largest = np.column_stack([chances, np.full(r, np.nan)])
    numbers = dict(zip(_NUMBERS, (value, se, low, high, df, *shares, largest, start, end), strict=True))
    sizes = [sum(1 for weight in each.weights if weight) for each in rows.measures]
    return pd.DataFrame({
        "what": np.repeat([each.what for each in rows.measures], g),
        "id": np.repeat([each.id for each in rows.measures], g),
        "step": list(steps) * r,
        **{name: each.ravel() for name, each in numbers.items()},
        "items": np.repeat(sizes, g),
        "reason": np.where(~known, why, np.where(unclear[:, None], "unclear", "")).ravel(),
    })  # fmt: skip


def _shares(
    value: Array, se: Array, df: Array, both: Array, unclear: Array, level: float
) -> tuple[Array, Array, Array]:
    """(r, g) shares of the last gap with their bounds; none in rows where that is too near 0. The last gap is all of itself."""
    whole, variance = value[:, [-1]], se**2
    share = value / np.where(whole == 0, np.nan, whole)
    low, high = share_interval(value, whole, variance, variance[:, [-1]], both, np.minimum(df, df[:, [-1]]), level)
    low[:, -1] = high[:, -1] = 1.0
    told = (np.where(unclear[:, None], np.nan, each) for each in (share, low, high))
    return tuple(told)  # type: ignore[return-value]


def _as_scored(rows: Rows, value: Array, se: Array, df: Array) -> None:
    """The customer gap, the last column, as :func:`servqual.gaps.score_gaps` has it."""
    if rows.gaps is None:
        return
    scored = customer_rows(rows)
    for name, column in (("gap", value), ("se", se), ("df", df)):
        column[:, -1] = scored[name].to_numpy(float)


def customer_rows(rows: Rows) -> pd.DataFrame:
    """The customers' own gaps, a row for every measure in order."""
    gaps = rows.gaps
    tables = {"item": gaps.items.frame, "dimension": gaps.dimensions.frame, "total": gaps.total.frame}  # type: ignore[union-attr]
    placed = {what: frame.set_index(what) for what, frame in tables.items()}
    return pd.DataFrame([placed[each.what].loc[each.id] for each in rows.measures])
