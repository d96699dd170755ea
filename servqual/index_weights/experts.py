"""Weights from people who know: points shared out, asked once or in rounds, or comparisons in pairs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from servqual.agreement.coefficients import kendall_w
from servqual.index_weights.found import Asked, Found, NumberTable, column, read_numbers, refuse, without_interval
from servqual.index_weights.pairwise import (
    LARGEST,
    Vector,
    aggregated,
    consistency,
    eigenvector_weights,
    geometric_weights,
    is_connected,
    misfits,
    read_pairwise,
)
from servqual.index_weights.simplex import Array
from servqual.inference import t_interval
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Column, Result, Text, say, spaced

Average = Literal["mean", "median"]
Group = Literal["aij", "aip"]

GROUP = "(group)"
_POINTS = 100.0
_SLACK = 0.01  # points that rounding may add or take away
_T_OVER_EXPERTS: Text = {"en": "t over experts, taken as drawn at random from those who might have been asked",
                         "zh": "按专家间差异的 t 区间，将专家视为从可询专家中随机抽取"}  # fmt: skip
_AFTER_ROUNDS: Text = {
    "en": "t over experts, as if they had answered apart; after rounds they know each other's answers, so it shows how far they agree, not how "
    "near they are to the truth",
    "zh": "按专家间差异的 t 区间，视同各自独立作答；经多轮反馈后专家已知彼此意见，区间反映一致程度，而非结论的准确程度",
}
_NO_SPREAD: Text = {
    "en": "one expert: no spread, no agreement and no interval",
    "zh": "只有一名专家：无离散程度、一致性与区间",
}


# --- points ------------------------------------------------------------------------------------------------


def read_points(table: Any, asked: Asked, where: str, aside: Sequence[str] = (), rescale: bool = False) -> NumberTable:
    """Points of every expert as shares of 1, refused unless each has 100, all of them 0 or more and none left empty."""
    read = read_numbers(table, asked, where, aside)
    values = read.values
    if not len(values):
        raise DataError(f"{where} holds no expert. Give a row for each.")
    faults = [read.case(i, j, "write 0 where no point was given") for i, j in np.argwhere(np.isnan(values))]
    faults += [read.case(i, j, "below 0") for i, j in np.argwhere(values < 0)]
    total = np.nansum(values, axis=1)
    off = total <= 0 if rescale else np.abs(total - _POINTS) > _SLACK
    bad = {fault["row"] for fault in faults}
    faults += [{"unit": read.units[i], "row": read.lines[i], "column": "(sum)", "value": float(total[i]),
                "problem": "must be 100 points"} for i in np.flatnonzero(off) if read.lines[i] not in bad]  # fmt: skip
    refuse(faults, where, "Ask these experts again, or pass Points(rescale=True) to share out what they gave")
    return replace(read, values=values / total[:, None])


def summary_of(shares: Array) -> dict[str, Array]:
    """What experts' (n, k) shares say of each indicator: middle and spread, each (k,).

    >>> {name: value.round(3).tolist() for name, value in summary_of(np.array([[0.6, 0.4], [0.4, 0.6]])).items()}["cv"]
    [0.283, 0.283]
    """
    n, mean = len(shares), shares.mean(axis=0)
    sd = shares.std(axis=0, ddof=1) if n > 1 else without_interval(shares.shape[1])
    q1, median, q3 = np.quantile(shares, [0.25, 0.5, 0.75], axis=0)
    cv = np.divide(sd, mean, out=np.full(len(mean), np.nan), where=mean > 0)
    return {"mean": mean, "median": median, "sd": sd, "cv": cv, "q1": q1, "q3": q3,
            "least": shares.min(axis=0), "most": shares.max(axis=0)}  # fmt: skip


def _averaged(shares: Array, average: Average, level: float) -> tuple[Array, Array, Array]:
    """(k,) weights and their interval."""
    n, k = shares.shape
    if average == "median":
        middle = np.median(shares, axis=0)
        if middle.sum() <= 0:
            raise DataError("all medians are 0: most experts gave each indicator nothing. Take average='mean'.")
        return middle / middle.sum(), without_interval(k), without_interval(k)
    mean = shares.mean(axis=0)
    if n < 2:
        return mean, without_interval(k), without_interval(k)
    low, high = t_interval(mean, shares.std(axis=0, ddof=1) / np.sqrt(n), np.full(k, n - 1.0), level)
    alike = np.ptp(shares, axis=0) < 1e-12  # an interval without any width would claim too much
    return mean, np.where(alike, np.nan, np.maximum(low, 0.0)), np.where(alike, np.nan, np.minimum(high, 1.0))


def _drawn(own: Array, average: Callable[[Array], Array], asked: Asked) -> Array:
    """(replicates, k) weights of bootstrap samples of the experts, for what is combined with them; empty for one expert."""
    if len(own) < 2 or not asked.replicates:
        return np.empty((0, own.shape[1]))
    rows = np.random.default_rng(asked.seed).integers(0, len(own), (asked.replicates, len(own)))
    found = np.array([average(own[chosen]) for chosen in rows])
    total = found.sum(axis=1, keepdims=True)
    return np.asarray((found / np.where(total > 0, total, np.nan))[total[:, 0] > 0])


def _concord(shares: Array) -> tuple[float, float]:
    """Kendall's W of the experts over the indicators, and its p."""
    if len(shares) < 2:
        return float("nan"), float("nan")
    w, _, _, p = kendall_w(np.round(shares.T, 9))  # ties that rounding would part
    return w, p


def _concord_words(w: float, p: float, n: int, k: int) -> Text:
    if np.isnan(w):
        return {"en": "the order has no agreement that could be measured (every expert gave all the same)",
                "zh": "各专家对所有指标给分相同，无法计算排序一致性"}  # fmt: skip
    shown = "p < .001" if p < 0.0005 else f"p = {p:.3f}".replace("0.", ".", 1)
    few = k <= 7
    return {"en": f"Kendall's W = {w:.2f} ({shown}{', rough with so few indicators' if few else ''}): the {n} experts' order of the indicators",
            "zh": f"Kendall 和谐系数 W = {w:.2f}（{shown}{'，指标少，p 值粗略' if few else ''}）：{n} 名专家对指标的排序"}  # fmt: skip


_SUMMARY = (
    column("median", "median", "中位数"),
    column("q1", "lower quartile", "下四分位数"),
    column("q3", "upper quartile", "上四分位数"),
    column("cv", "coefficient of variation", "变异系数", 2),
)


@dataclass(frozen=True)
class Points:
    """Experts share out 100 points; each row of the table is an expert.

    Attributes
    ----------
    average : "mean" of the experts (with a t interval), or "median", shared out again (quartiles instead of an interval)
    rescale : True takes points that do not sum to 100 as shares of their sum

    >>> Points(average="median").name
    'points'
    """

    average: Average = "mean"
    rescale: bool = False
    name: ClassVar[str] = "points"
    title: ClassVar[Text] = {"en": "points of experts", "zh": "专家百分配分法"}
    columns: ClassVar[tuple[Column, ...]] = _SUMMARY

    def __post_init__(self) -> None:
        check_choice("average", self.average, Average)

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from experts (rows) by indicators."""
        read = read_points(table, asked, "the table of points", rescale=self.rescale)
        return _from_points(read, self.average, asked)


def _from_points(read: NumberTable, average: Average, asked: Asked) -> Found:
    shares, (n, k) = read.values, read.values.shape
    weights, low, high = _averaged(shares, average, asked.level)
    one: Text = _NO_SPREAD if n < 2 else _concord_words(*_concord(shares), n, k)
    middle: Text = {"en": f"{average} of {n} {'expert' if n == 1 else 'experts'}",
                    "zh": f"{n} 名专家的{'均值' if average == 'mean' else '中位数（重新归一）'}"}  # fmt: skip
    how = _T_OVER_EXPERTS if np.isfinite(low).any() else {}
    alike = (np.ptp(shares, axis=0) < 1e-12) & (n > 1)
    draws = _drawn(shares, lambda part: getattr(np, average)(part, axis=0), asked)
    return Found(read.names, weights, low, high, n, more=summary_of(shares), reason=np.where(alike, "unanimous", "").tolist(),
                 draws=draws, units=read.units, how=how, remarks=(middle, one))  # fmt: skip


# --- rounds ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class DelphiRounds(Result):
    """How experts came together, round by round.

    Frame columns: ``round, n`` experts, ``returned`` (of those of the round before), ``w, p`` (Kendall's W), ``cv`` (the largest),
    ``quartile_range`` (the largest), ``change`` (mean absolute change of the weights from the round before), ``met`` (stop rule).

    Attributes
    ----------
    detail : a row per round and indicator: ``round, indicator, n, mean, median, sd, cv, q1, q3, quartile_range``
    rule : the stop rule in words
    """

    detail: pd.DataFrame = None  # type: ignore[assignment]
    rule: Text = None  # type: ignore[assignment]

    def title(self) -> str:
        return "德尔菲各轮的收敛情况" if self.language == "zh" else "Delphi: how the experts came together"

    def columns(self) -> tuple[Column, ...]:
        met: Any = {True: {"en": "met", "zh": "达到"}, False: {"en": "not yet", "zh": "未达到"}}
        return (
            Column("round", {"en": "round", "zh": "轮次"}),
            Column("n", {"en": "experts", "zh": "专家数"}, "count"),
            Column("returned", {"en": "of the round before", "zh": "其中上一轮专家"}, "count"),
            column("w", "Kendall's W", "Kendall W", 2),
            Column("p", {"en": "p", "zh": "p"}, "p"),
            column("cv", "largest coefficient of variation", "最大变异系数", 2),
            column("quartile_range", "largest quartile range", "最大四分位距"),
            column("change", "mean change of weights", "权重平均变动"),
            Column("met", {"en": "stop rule", "zh": "停止规则"}, "text", met),
        )

    def note(self) -> str:
        if self.language == "zh":
            return f"停止规则：{self.rule['zh']}。各轮按当轮作答专家计算；排序一致性在权重彼此接近时偏低，须与变异系数一并看。"
        return (f"Stop rule: {self.rule['en']}. Every round over those who answered it; where weights are nearly equal W is low "
                "whatever experts agree on, so read it with the coefficients of variation.")  # fmt: skip

    def sentence(self) -> str:
        """Whether the rounds may end."""
        last, zh = self.frame.iloc[-1], self.language == "zh"
        which = say(_round_words(last["round"]), self.language)
        which = which[:1].upper() + which[1:]
        if last["met"]:
            return spaced(f"{which}达到停止规则。") if zh else f"{which} meets the stop rule."
        value = "–" if np.isnan(last["w"]) else f"{last['w']:.2f}"
        cv = "–" if np.isnan(last["cv"]) else f"{last['cv']:.2f}"
        return (spaced(f"{which}尚未达到停止规则：最大变异系数 {cv}，W {value}。") if zh else
                f"{which} does not meet the stop rule yet: largest coefficient of variation {cv}, W {value}.")  # fmt: skip


@dataclass(frozen=True)
class Delphi:
    """Experts share out 100 points, see what the others said, and do it again; a row per expert and round.

    Attributes
    ----------
    round : column with the round, and the last one counts. Rounds follow the number in their name (2, "round 10", "第三轮");
        without such numbers they stand as they first appear in the table. The note says in which order they were taken
    cv, w : stop rule: every indicator's coefficient of variation is at most ``cv``, and Kendall's W at least ``w``
    average : as in :class:`Points`

    References
    ----------
    Dalkey and Helmer (1963), Management Science 9, 458-467, doi:10.1287/mnsc.9.3.458. Schmidt (1997), Decision Sciences 28,
    763-774, doi:10.1111/j.1540-5915.1997.tb01330.x (W of .7: strong agreement).

    >>> Delphi(cv=0.2).rule["en"]
    "every coefficient of variation at most 0.2, and Kendall's W at least 0.7"
    """

    round: str = "round"
    cv: float = 0.25
    w: float = 0.7
    average: Average = "mean"
    name: ClassVar[str] = "delphi"
    title: ClassVar[Text] = {"en": "Delphi", "zh": "德尔菲法"}
    columns: ClassVar[tuple[Column, ...]] = _SUMMARY

    def __post_init__(self) -> None:
        check_choice("average", self.average, Average)
        check_between("cv", self.cv, 0, 10)
        check_between("w", self.w, 0, 1)

    @property
    def rule(self) -> Text:
        """The stop rule in words."""
        return {"en": f"every coefficient of variation at most {self.cv:g}, and Kendall's W at least {self.w:g}",
                "zh": f"各指标变异系数均不超过 {self.cv:g}，且 Kendall W 不低于 {self.w:g}"}  # fmt: skip

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights of the last round."""
        if asked.unit is None:
            raise SpecError("Delphi follows experts over the rounds: name the column with the expert, unit='…'.")
        if isinstance(table, pd.DataFrame) and self.round not in table:
            listed = ", ".join(map(str, table.columns))
            raise SpecError(
                f"the table of points has no column {self.round!r} with the round. Name it: method=Delphi(round='…'). It has: {listed}."
            )
        read = read_points(table, asked, "the table of points", (self.round,))
        told = np.array(table[self.round].tolist(), dtype=object)
        if pd.isna(told).any():
            raise DataError(
                f"the table of points: {int(pd.isna(told).sum())} rows have no {self.round}. Write which round each row is of."
            )
        order, by_number = _rounds_in_order(told)
        twice = pd.Series(list(zip(told, read.units, strict=True))).duplicated().to_numpy()
        refuse([{"unit": read.units[i], "row": read.lines[i], "column": self.round, "value": told[i], "problem": "the same expert again"}
                for i in np.flatnonzero(twice)], "the table of points", "Keep one row per expert and round")  # fmt: skip
        rounds = {which: _part(read, np.flatnonzero(told == which)) for which in order}
        progress = self._progress(rounds)
        last = _from_points(rounds[order[-1]], self.average, asked)
        lost = len({*read.units}) - last.n
        if last.how and len(order) > 1:
            last = replace(last, how=_AFTER_ROUNDS)
        remarks = (_order_words(order, by_number), *last.remarks,
                   *([{"en": f"{lost} of the earlier rounds did not answer the last: some of the agreement may be that of those who stayed",
                       "zh": f"此前各轮中有 {lost} 名专家未答最后一轮，部分一致可能只是留下者的一致"}]
                     if lost else []))  # fmt: skip
        return replace(last, rounds=progress, n_dropped=lost, remarks=(*remarks, _as_clause(progress)))

    def _progress(self, rounds: Mapping[Any, NumberTable]) -> DelphiRounds:
        rows, detail, before = [], [], None
        for which, part in rounds.items():
            about = summary_of(part.values)
            (w, p), n = _concord(part.values), len(part.units)
            apart = about["q3"] - about["q1"]
            most = float(np.nanmax(about["cv"])) if np.isfinite(about["cv"]).any() else np.nan
            rows.append({
                "round": which, "n": n, "returned": np.nan if before is None else len({*part.units} & {*before.units}), "w": w, "p": p,
                "cv": most, "quartile_range": float(apart.max()),
                "change": np.nan if before is None else float(np.abs(part.values.mean(axis=0) - before.values.mean(axis=0)).mean()),
                "met": bool(n > 1 and most <= self.cv and w >= self.w),
            })  # fmt: skip
            detail.append(
                pd.DataFrame({"round": which, "indicator": part.names, "n": n, **about, "quartile_range": apart})
            )
            before = part
        return DelphiRounds(pd.DataFrame(rows), detail=pd.concat(detail, ignore_index=True), rule=self.rule)


_NUMERALS = {sign: k for k, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\b")
_NUMBER = re.compile(r"\d+|[零〇一二两三四五六七八九十]+")


def _round_number(name: Any) -> float:
    """The number in the name of a round, nan where it has none or several.

    >>> [_round_number(name) for name in (2, "2", "Round 10", "第三轮", "第十二轮", "二十", "last")]
    [2.0, 2.0, 10.0, 3.0, 12.0, 20.0, nan]
    """
    if isinstance(name, (int, float, np.number)):
        return float(name)
    found = _NUMBER.findall(str(name).translate(str.maketrans("０１２３４５６７８９", "0123456789")))
    if len(found) != 1:
        return float("nan")
    if found[0].isdigit() and found[0].isascii():
        return float(found[0])
    tens, ten, ones = found[0].rpartition("十")
    digits = [_NUMERALS.get(sign) for sign in tens + ones]
    if None in digits or len(tens) > 1 or len(ones) > 1:
        return float("nan")
    return float((10 * (_NUMERALS[tens] if tens else 1) if ten else 0) + (_NUMERALS[ones] if ones else 0))


def _rounds_in_order(told: Iterable[Any]) -> tuple[list[Any], bool]:
    """Rounds from the first to the last, and whether the numbers in their names say so (else they stand as they appear).

    >>> _rounds_in_order(["第一轮", "第三轮", "第二轮"]), _rounds_in_order(["before", "after", "before"])
    ((['第一轮', '第二轮', '第三轮'], True), (['before', 'after'], False))
    """
    names = list(dict.fromkeys(told))
    if all(isinstance(name, date) for name in names) or all(_ISO_DATE.match(str(name)) for name in names):
        return sorted(names), True
    numbers = [_round_number(name) for name in names]
    if np.isfinite(numbers).all() and len({*numbers}) == len(names):
        return [name for _, name in sorted(zip(numbers, names, strict=True), key=lambda pair: pair[0])], True
    return names, False


def _round_words(name: Any) -> Text:
    """What a round is called: "round 2", or the name that it has."""
    number = _round_number(name)
    if str(name).strip() in (f"{number:g}", f"{number:.1f}"):
        return {"en": f"round {number:g}", "zh": f"第 {number:g} 轮"}
    return {"en": str(name), "zh": str(name)}


def _order_words(order: Sequence[Any], by_number: bool) -> Text:
    """Which round counts, of which, and why it is the last."""
    last, count = _round_words(order[-1]), len(order)
    if count == 1 or (by_number and last["en"] != str(order[-1])):
        return {"en": f"{last['en']} of {count}", "zh": spaced(f"{last['zh']}，共 {count} 轮")}
    why: Text = {"en": "by the numbers in their names" if by_number else "as they stand in the table",
                 "zh": "按名称中的序号" if by_number else "按在表中出现的先后"}  # fmt: skip
    return {"en": f"{last['en']}, the last of {count} rounds ({', '.join(map(str, order))}: {why['en']})",
            "zh": spaced(f"{last['zh']}，共 {count} 轮（{'、'.join(map(str, order))}，{why['zh']}）")}  # fmt: skip


def _part(read: NumberTable, rows: Array) -> NumberTable:
    return replace(
        read,
        values=read.values[rows],
        units=tuple(read.units[i] for i in rows),
        lines=tuple(read.lines[i] for i in rows),
    )


def _as_clause(table: DelphiRounds | ConsistencyTable) -> Text:
    """The sentence of a table as a part of a note."""
    en, zh = table.in_language("en").sentence().rstrip("."), table.in_language("zh").sentence().rstrip("。")
    return {"en": en[:1].lower() + en[1:], "zh": zh}


# --- comparisons in pairs ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ConsistencyTable(Result):
    """Do the comparisons of each expert fit together?

    Frame columns: ``expert, lambda_max, ci, ri, cr, gci, gci_limit, missing`` (pairs), ``spare`` (comparisons more
    than the least that weights need: with 0 nothing can contradict), ``flagged``, and the comparison that fits least:
    ``first, second, said, fitting`` (what the others together would have it).
    """

    labels: Mapping[str, Text] = None  # type: ignore[assignment]

    def title(self) -> str:
        return "成对比较的一致性" if self.language == "zh" else "Consistency of the comparisons"

    def columns(self) -> tuple[Column, ...]:
        flag: Any = {True: {"en": "too high", "zh": "过高"}, False: {"en": "", "zh": ""}}
        return (
            Column("expert", {"en": "expert", "zh": "专家"}, "text", {GROUP: {"en": "all together", "zh": "群体"}}),
            column("lambda_max", "λ", "λ"),
            column("cr", "CR", "CR"),
            column("gci", "GCI", "GCI"),
            *(
                [Column("missing", {"en": "pairs missing", "zh": "缺失比较"}, "count")]
                if self.frame["missing"].any()
                else []
            ),
            Column("flagged", {"en": "inconsistent", "zh": "不一致"}, "text", flag),
            Column("first", {"en": "fits least", "zh": "最不合处"}, "text", self.labels),
            Column("second", {"en": "against", "zh": "对比"}, "text", self.labels),
            column("said", "said", "所判", 2),
            column("fitting", "would fit", "相合值", 2),
        )

    def note(self) -> str:
        if self.language == "zh":
            return ("CR = CI/RI，CI = (λ − k)/(k − 1)，RI 采用 Saaty（1980）；CR 超过 0.10 为过高。GCI 为几何一致性指数，3、4、5 个及以上指标的对应界限为 "
                    "0.31、0.35、0.37；有缺失比较时无 CR，以 GCI 判断。")  # fmt: skip
        return ("CR = CI/RI with CI = (λ − k)/(k − 1) and Saaty's random indices (1980); above .10 it is too high. GCI: geometric "
                "consistency index, limits .31, .35 and .37 for 3, 4 and more indicators; it decides where pairs are missing, "
                "since there is no CR then.")  # fmt: skip

    def sentence(self) -> str:
        """Who contradicts themselves."""
        zh, flagged = self.language == "zh", self.frame[self.frame["flagged"]]
        shown = self.columns()[0]
        names = ("、" if zh else ", ").join(shown.show(name, self.language) for name in flagged["expert"])
        if not (self.frame["spare"] > 0).any():
            return (
                "比较数仅够得出权重，无法判断是否一致。"
                if zh
                else "No comparison is more than weights need: consistency can't be judged."
            )
        if flagged.empty:
            return "各份比较均足够一致。" if zh else "All comparisons are consistent enough."
        return (
            f"比较自相矛盾过多（{names}），应复核。"
            if zh
            else f"Comparisons contradict themselves too much ({names}): have them looked at again."
        )

    def plot(self, ax: Any = None) -> Any:
        """Every consistency ratio against .10."""
        from servqual.plots.index_weights import draw_consistency

        return draw_consistency(self, ax)


@dataclass(frozen=True)
class Ahp:
    """The analytic hierarchy process: indicators compared in pairs, by one expert or several.

    The table is a matrix (row against column), or a mapping from expert to matrix; see
    :func:`~servqual.index_weights.pairwise.read_pairwise`.

    Attributes
    ----------
    vector : "eigenvector" (Saaty) or "geometric_mean" of the rows
    group : "aij": geometric means of the comparisons, then one vector; "aip": the mean of the experts' own vectors

    References
    ----------
    Saaty (2008), International Journal of Services Sciences 1, 83-98, doi:10.1504/IJSSCI.2008.017590. Forman and Peniwati (1998),
    European Journal of Operational Research 108, 165-169, doi:10.1016/S0377-2217(97)00244-0 (AIJ and AIP).

    >>> Ahp(group="aip").name
    'ahp'
    """

    vector: Vector = "eigenvector"
    group: Group = "aij"
    name: ClassVar[str] = "ahp"
    title: ClassVar[Text] = {"en": "AHP", "zh": "层次分析法（AHP）"}
    columns: ClassVar[tuple[Column, ...]] = (
        column("eigenvector", "eigenvector", "特征向量法"),
        column("geometric_mean", "geometric mean", "几何平均法"),
        column("least", "lowest expert", "专家最低"),
        column("most", "highest expert", "专家最高"),
    )

    def __post_init__(self) -> None:
        check_choice("vector", self.vector, Vector)
        check_choice("group", self.group, Group)

    def found(self, table: Any, asked: Asked) -> Found:
        """Weights from one matrix or several."""
        experts, matrices, names = _matrices(table, asked)
        both = {"eigenvector": lambda m: eigenvector_weights(m)[0], "geometric_mean": geometric_weights}
        own = {key: np.array([vector(matrix) for matrix in matrices]) for key, vector in both.items()}
        together, several = aggregated(matrices), len(matrices) > 1
        joint = self.group == "aij"
        shown = {key: both[key](together) if joint else own[key].mean(axis=0) for key in both}
        weights, k = shown[self.vector] / shown[self.vector].sum(), len(names)
        low = high = without_interval(k)
        if several and not joint:
            _, low, high = _averaged(own[self.vector], "mean", asked.level)
        judged = [*zip(experts, matrices, strict=True), *([(GROUP, together)] if several and joint else [])]
        rows = [_consistency_row(who, matrix, names) for who, matrix in judged]
        checked = ConsistencyTable(pd.DataFrame(rows), labels=asked.labels)
        beyond = _beyond_scale(experts, matrices, names, asked)
        spread = {"least": own[self.vector].min(axis=0), "most": own[self.vector].max(axis=0)} if several else {}
        how: Text = _T_OVER_EXPERTS if np.isfinite(low).any() else {}
        draws = _drawn(own[self.vector], _geometric if joint else _mean, asked)
        return Found(names, weights, low, high, len(matrices), more={**shown, **spread}, draws=draws, units=tuple(experts), how=how,
                     remarks=(*self._remarks(own[self.vector], several, checked), *beyond), consistency=checked)  # fmt: skip

    def _remarks(self, own: Array, several: bool, checked: ConsistencyTable) -> tuple[Text, ...]:
        way: Text = {"en": "principal eigenvector" if self.vector == "eigenvector" else "geometric means of the rows",
                     "zh": "主特征向量" if self.vector == "eigenvector" else "行几何平均"}  # fmt: skip
        if several:
            en = {"aij": "comparisons brought together by geometric means", "aip": "mean of the experts' own weights"}[
                self.group
            ]
            zh = {"aij": "判断矩阵几何平均（AIJ）", "aip": "各专家权重取均值（AIP）"}[self.group]
            way = {"en": f"{way['en']}, {len(own)} experts, {en}", "zh": f"{way['zh']}，{len(own)} 名专家，{zh}"}
        worst, missing = float(checked.frame["cr"].max()), bool(checked.frame["missing"].any())
        why: Text = {"en": "pairs are missing" if missing else "Saaty's random indices end at 15 indicators",
                     "zh": "有缺失比较" if missing else "Saaty 随机指数止于 15 个指标"}  # fmt: skip
        cr: Text = {"en": f"no CR, since {why['en']}" if np.isnan(worst) else f"largest CR {worst:.3f}",
                    "zh": f"{why['zh']}，无 CR" if np.isnan(worst) else f"最大 CR 为 {worst:.3f}"}  # fmt: skip
        concord = (_concord_words(*_concord(own), len(own), own.shape[1]),) if several else (_NO_SPREAD,)
        return (way, cr, _as_clause(checked), *concord)


def _beyond_scale(
    experts: Sequence[str], matrices: Sequence[Array], names: Sequence[str], asked: Asked
) -> tuple[Text, ...]:
    """That comparisons lie beyond Saaty's scale, and the farthest of them; empty where none does."""
    found = [(float(matrix[i, j]), who, i, j) for who, matrix in zip(experts, matrices, strict=True)
             for i, j in np.argwhere(np.nan_to_num(matrix) > LARGEST * (1 + 1e-9))]  # fmt: skip
    if not found:
        return ()
    value, who, i, j = max(found, key=lambda each: each[0])
    first, second = asked.listed([names[i]]), asked.listed([names[j]])
    whose: Text = {"en": f" by {who}", "zh": f"，专家 {who}"} if len(matrices) > 1 else {"en": "", "zh": ""}
    n = len(found)
    return ({"en": f"{n} comparison{'s' * (n != 1)} beyond Saaty's scale of 1 to {LARGEST}: {value:g} for {first['en']} against "
                   f"{second['en']}{whose['en']} is the farthest",
             "zh": f"{n} 处比较超出 Saaty 的 1 至 {LARGEST} 标度，最大为 {first['zh']}对{second['zh']} = {value:g}{whose['zh']}"},)  # fmt: skip


def _mean(own: Array) -> Array:
    return np.asarray(own.mean(axis=0))


def _geometric(own: Array) -> Array:
    """What bringing together comparisons amounts to: exact for geometric weights of whole matrices, near for eigenvectors."""
    return np.asarray(np.exp(np.log(own).mean(axis=0)))


def _matrices(table: Any, asked: Asked) -> tuple[list[str], list[Array], tuple[str, ...]]:
    """Experts, their matrices in one order of the indicators, and that order."""
    given = dict(table) if isinstance(table, Mapping) else {"1": table}
    if not given:
        raise SpecError("the comparisons hold no matrix. Give one, or a mapping from expert to matrix.")
    names, matrices, faults = asked.indicators, [], []
    for who, matrix in given.items():
        where = f"the comparisons of {who}" if isinstance(table, Mapping) else "the comparisons"
        try:
            read, names = read_pairwise(matrix, names, where)
        except DataError as error:
            faults.append((error, error.cases.assign(expert=who)))
            continue
        if not is_connected(read):
            raise DataError(
                f"{where}: some indicators are never compared with the others, not even over a third one. Compare them."
            )
        matrices.append(read)
    if faults:
        raise DataError(
            " ".join(str(error) for error, _ in faults), pd.concat([cases for _, cases in faults], ignore_index=True)
        )
    return [str(who) for who in given], matrices, tuple(names or ())


def _consistency_row(who: str, matrix: Array, names: Sequence[str]) -> dict[str, Any]:
    """One line of the table of consistency."""
    found = consistency(matrix)
    apart = np.where(np.isnan(matrix), 0.0, np.abs(np.triu(np.nan_to_num(misfits(matrix)), 1)))
    i, j = divmod(int(np.argmax(apart)), len(apart))
    if apart[i, j] > 0 and matrix[i, j] < 1:
        i, j = j, i
    fits = apart.max() > 1e-9
    weights = geometric_weights(matrix)
    return {
        "expert": who, "lambda_max": found.lambda_max, "ci": found.ci, "ri": found.ri, "cr": found.cr, "gci": found.gci,
        "gci_limit": found.gci_limit, "missing": found.missing, "spare": len(matrix) * (len(matrix) - 1) // 2 - found.missing - len(matrix) + 1,
        "flagged": found.flagged,
        "first": names[i] if fits else "", "second": names[j] if fits else "",
        "said": float(matrix[i, j]) if fits else np.nan, "fitting": float(weights[i] / weights[j]) if fits else np.nan,
    }  # fmt: skip
