"""May these dimensions be reported? One verdict per dimension from reliability, structure and distinctness, with its reasons.

:func:`validity` reads the confirmatory model of the instrument's dimensions, their correlations and HTMT, and alpha and omega,
and says of each dimension: report it separately, merge it with another, or report the total only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.confirm import Missing, NotConverged, NotIdentified, confirm_factors, groups_of
from servqual.cfa.discriminant import htmt, htmt_slopes, normal_error, on_covariances
from servqual.cfa.estimated import EstimatedMatrix, estimated_matrix
from servqual.cfa.results import ESTIMATORS, Estimator, FactorModel
from servqual.correlations import OF_WORDS, ItemMatrix, MissingRule, Of, check_answers, item_matrix
from servqual.factor_count import FactorCount, factor_count
from servqual.psychometrics.consistency import CONSISTENCY_REASONS, Consistency, internal_consistency
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_between, check_choice
from survey_design.results import Column, Language, Result, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.instruments import Instrument

Array = NDArray[Any]
Code = Literal["separate", "caution", "merge", "total", "none", "untested"]
Groups = Mapping[tuple[str, ...], list[str]]  # dimensions held to be one factor -> their items
Said = tuple[Code, tuple[str, ...], list[Text]]  # verdict, all dimensions of its factor, why

VERDICTS: Mapping[str, Text] = {
    "separate": {"en": "report separately", "zh": "可单独报告"},
    "caution": {"en": "separately, with caution", "zh": "可单独报告，但须谨慎"},
    "merge": {"en": "merge", "zh": "合并"},
    "total": {"en": "report the total only", "zh": "只报告总分"},
    "none": {"en": "no score, report its items", "zh": "不计分，逐题报告"},
    "untested": {"en": "not tested", "zh": "未能检验"},
}
_WORST: Sequence[Code] = ("none", "total", "merge", "untested", "caution", "separate")
_FLAT = 1e-8
_WHY_NOT: Mapping[str, Text] = {
    "one item": {"en": "it has one item, whose error can't be told from what it measures",
                 "zh": "仅一个题项，无法将误差与所测内容分开"},
    "not converged": {"en": "no best fit of the confirmatory model was found: some items of a dimension hardly correlate",
                      "zh": "验证性模型未收敛：某维度的部分题项几乎不相关"},
    "not identified": {"en": "the confirmatory model is not identified: too few items to tell its numbers apart",
                       "zh": "验证性模型不可识别：题项过少，无法估计"},
    "singular": {"en": "the covariances are not positive definite (items repeat each other, or pairs are of different people), so no "
                       "factor model can be fitted",
                 "zh": "协方差矩阵非正定（题项彼此重复，或各对取自不同的人），无法拟合因子模型"},
}  # fmt: skip
_WORDING: Text = {
    "en": "all of its items are worded negatively and no other dimension's are: what they share may be the wording",
    "zh": "其题项全部为反向措辞而其他维度均非反向：共同之处可能只是措辞",
}
_MANY_LOST = 0.2  # share of respondents from which leaving out the incomplete is told first

UNTESTED: Mapping[str, Text] = {
    "": {"en": "", "zh": ""},
    "no dimension": {"en": "some items belong to no dimension", "zh": "部分题项不属于任何维度"},
    "one item": {"en": "every dimension has one item", "zh": "每个维度仅有一个题项"},
    "no matrix": {"en": "an item does not vary, or too few people answered all items",
                  "zh": "有题项回答全部相同，或答完全部题项者过少"},
}  # fmt: skip


# --- where the lines are drawn -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thresholds:
    """Where the gate draws its lines. All are conventions, and all can be set.

    Attributes
    ----------
    distinct : correlation of two factors from which they are one for practical purposes (Rönkkö and Cho 2022 call an upper
        bound of .90 or more a moderate problem); the same for HTMT (Henseler, Ringle and Sarstedt 2015), which decides where
        there is no proper correlation
    reliability : omega (alpha where there is no omega) that a score needs (.70)
    floor : omega under which a dimension gets no score of its own (.60)
    p : of the chi-square difference of merging two factors, from which the answers do not tell one factor from two (.05). It
        words the reasons and decides nothing: with few answers it is large for distinct factors too
    cfi, rmsea, srmr : under (over) which the model as a whole calls for caution

    >>> Thresholds(distinct=0.85).sentence("en")[:57]
    'Lines drawn: two factors are one from r = .85, and may be'
    """

    distinct: float = 0.90
    reliability: float = 0.70
    floor: float = 0.60
    p: float = 0.05
    cfi: float = 0.90
    rmsea: float = 0.08
    srmr: float = 0.08

    def __post_init__(self) -> None:
        for each in fields(self):
            check_between(each.name, getattr(self, each.name), 0, 1)
        if self.floor > self.reliability:
            raise SpecError(f"floor={self.floor} lies above reliability={self.reliability}; it must not.")

    def sentence(self, language: str) -> str:
        """All lines in words."""
        d, w, f, p, cfi, rmsea, srmr = (_short(getattr(self, each.name)) for each in fields(self))
        if language == "zh":
            return (f"界值：两因子相关达 {d} 即视为同一因子；仅区间达 {d} 者须谨慎（另述合并后卡方是否显著变差，p < {p}）。ω（无则 α）低于 {w} "
                    f"须谨慎，低于 {f} 不单独计分。模型 CFI < {cfi}、RMSEA > {rmsea} 或 SRMR > {srmr} 须谨慎。Fornell–Larcker 与 HTMT 未达标仅作提醒；"
                    "无合理因子相关处由 HTMT 判定。以上均为惯例，可自行设定。")  # fmt: skip
        return (f"Lines drawn: two factors are one from r = {d}, and may be from an interval that reaches {d}, which calls for caution; "
                f"whether merging them worsens chi-square (p < {p}) is told beside. Omega (alpha where there is none) under {w} calls for caution, under "
                f"{f} there is no score. CFI under {cfi}, RMSEA over {rmsea} or SRMR over {srmr} call for caution. Fornell-Larcker and HTMT "
                "beyond their lines call for caution; HTMT decides where no proper correlation is. All are conventions and can be set.")  # fmt: skip


def _short(value: float) -> str:
    """A share as papers print it: two decimals (three where needed), no leading zero."""
    text = f"{value:.2f}" if abs(round(value, 2) - value) < 1e-9 else f"{value:.3f}"
    return text.replace("0.", ".", 1)


def _three(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


# --- models of fewer and fewer factors -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Stage:
    """A confirmatory model of some grouping of the dimensions, or why there is none, and its pairs of factors.

    ``pairs``: ``first, second`` (tuples of dimensions), ``r, r_low, r_high, htmt, htmt_low, htmt_high, fornell_larcker`` and
    what decides: ``size, upper`` (of the correlation, or of HTMT) and ``by``.
    """

    groups: Groups
    model: FactorModel | None
    cause: str
    pairs: pd.DataFrame

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The pairs one by one."""
        return [{str(key): value for key, value in line.items()} for line in self.pairs.to_dict("records")]

    def lines_with(self, group: tuple[str, ...]) -> list[dict[str, Any]]:
        """The pairs that a group is one of."""
        return [line for line in self.lines if group in (line["first"], line["second"])]

    @property
    def singular(self) -> bool:
        """Whether the correlations of factors are such as no factors can have."""
        if self.model is None or not np.isfinite(self.model.standard.factors).all():
            return False
        return bool(np.linalg.eigvalsh(self.model.standard.factors)[0] <= _FLAT)

    @property
    def heywood(self) -> dict[str, Text]:
        """Items with a negative residual variance, with their cause."""
        if self.model is None:
            return {}
        bad = np.flatnonzero(self.model.solution.matrices[0].residuals.diagonal() < 0)
        items = [self.model.solution.table.items[k] for k in bad]
        return dict(zip(items, self.model.problems, strict=False))

    def contrary(self, group: tuple[str, ...]) -> dict[str, float]:
        """Items whose loading has, beyond chance, another sign than most of their factor's: item -> standardised loading."""
        if self.model is None:
            return {}
        lines = self.model.frame[self.model.frame["factor"] == _name(group)]
        sign = np.sign(np.sign(lines["standardised"]).sum()) or 1.0
        sure = (sign * lines["low"] < 0) & (sign * lines["high"] < 0)
        return {
            str(item): float(sign * size)
            for item, size in zip(lines["item"][sure], lines["standardised"][sure], strict=True)
        }


def chi_square_difference(broad: FactorModel, narrow: FactorModel) -> tuple[float, int, float]:
    """Chi-square, degrees of freedom and p of merging factors: does one factor fit as well as two?

    ``T = (T1 - T0) / c`` with plain chi-squares and ``c = (df1 c1 - df0 c0) / (df1 - df0)`` from the models' scaling factors
    (1 for maximum likelihood). nan where c is not positive, or for WLSMV, whose difference is another's. As a correlation
    of 1 lies at the edge of what is possible, the test is somewhat conservative. Satorra and Bentler (2001), Psychometrika 66,
    507-514, doi:10.1007/BF02296192.

    >>> r = 0.64 * np.kron([[1, 0.9], [0.9, 1]], np.ones((3, 3)))
    >>> np.fill_diagonal(r, 1)
    >>> matrix = ItemMatrix.from_matrix(r, 500, list("abcdef"))
    >>> two, one = (confirm_factors(matrix, model=each) for each in ({"x": "abc", "y": "def"}, {"x": "abcdef"}))
    >>> value, df, p = chi_square_difference(two, one)
    >>> df, bool(p < 0.001)
    (1, True)
    """
    from scipy.special import chdtrc

    df = narrow.indices.df - broad.indices.df
    c0, c1 = (_scaling(model) for model in (broad, narrow))
    c = (narrow.indices.df * c1 - broad.indices.df * c0) / df
    if "wlsmv" in (broad.estimator, narrow.estimator) or not c > 0:
        return float("nan"), df, float("nan")
    value = (narrow.solution.chi2 - broad.solution.chi2) / c
    return float(value), df, float(chdtrc(df, max(value, 0.0)))


def _scaling(model: FactorModel) -> float:
    scaling = model.indices.scaling
    return float(scaling) if np.isfinite(scaling) else 1.0


def _name(group: tuple[str, ...]) -> str:
    return " + ".join(group)


def _fit(
    source: Responses | ItemMatrix, matrix: ItemMatrix, of: Of, estimator: Estimator, missing: Missing, level: float,
    groups: Groups,
) -> Stage:  # fmt: skip
    """The model of one grouping; where it can't be fitted, HTMT is left."""
    named = {_name(group): items for group, items in groups.items()}
    model, cause = None, ""
    asked = partial(confirm_factors, source, of=of, model=named, estimator=estimator, missing=missing, level=level)
    try:
        model = asked()  # which tries factor variances of 1 where markers lead astray
    except NotConverged:
        cause = "not converged"
    except NotIdentified:
        cause = "not identified"
    except DataError:
        cause = "singular"
    return Stage(groups, model, cause, _pairs(matrix, groups, model, level))


def _pairs(matrix: ItemMatrix, groups: Groups, model: FactorModel | None, level: float) -> pd.DataFrame:
    columns = ["first", "second", "r", "r_low", "r_high", "htmt", "htmt_low", "htmt_high", "fornell_larcker"]
    both = list(combinations(groups, 2))
    lines = _fitted_pairs(model, both) if model is not None else [
        (a, b, *(np.nan,) * 3, *_htmt(matrix, groups[a], groups[b], level), "") for a, b in both]  # fmt: skip
    frame = pd.DataFrame(lines, columns=columns)
    proper = _proper(frame, model, groups)
    upper_r = frame[["r_low", "r_high"]].abs().max(axis=1)
    frame["size"] = frame["r"].abs().where(proper, frame["htmt"])
    frame["upper"] = upper_r.where(proper, frame["htmt_high"].fillna(frame["htmt"]))
    frame["by"] = np.where(proper, "r", "htmt")
    return frame


def _proper(frame: pd.DataFrame, model: FactorModel | None, groups: Groups) -> pd.Series:
    """Which pairs have a correlation to be judged: none of their items is a Heywood case."""
    bad = set() if model is None else {
        model.solution.table.items[k] for k in np.flatnonzero(model.solution.matrices[0].residuals.diagonal() < 0)}  # fmt: skip
    sound = {group: not bad & set(items) for group, items in groups.items()}
    own = [sound[a] and sound[b] for a, b in zip(frame["first"], frame["second"], strict=True)]
    return pd.Series(own, index=frame.index, dtype=bool) & frame["r"].notna()


def _fitted_pairs(model: FactorModel, both: Sequence[tuple[tuple[str, ...], ...]]) -> list[tuple[Any, ...]]:
    r = {frozenset((line["first"], line["second"])): line for line in model.correlations().frame.to_dict("records")}
    d = {frozenset((line["first"], line["second"])): line for line in model.pairs.to_dict("records")}
    out: list[tuple[Any, ...]] = []
    for a, b in both:
        key = frozenset((_name(a), _name(b)))
        one, two = r[key], d[key]
        out.append((a, b, one["estimate"], one["low"], one["high"], two["htmt"], two["htmt_low"], two["htmt_high"],
                    two["fornell_larcker"]))  # fmt: skip
    return out


def _htmt(matrix: ItemMatrix, first: list[str], second: list[str], level: float) -> tuple[float, float, float]:
    """HTMT with its interval for normal answers, from the matrix alone."""
    from scipy.special import ndtri

    at = [[matrix.names.index(item) for item in items] for items in (first, second)]
    value = htmt(matrix.correlation, *at)
    if not np.isfinite(value):
        return (float("nan"),) * 3
    slopes = on_covariances(htmt_slopes(matrix.correlation, *at), matrix.covariance)
    half = float(ndtri((1 + level) / 2)) * normal_error(slopes, matrix.covariance, matrix.n)
    return value, max(value - half, 0.0), value + half


def merge_steps(
    fit: Callable[[Groups], Stage], stage: Stage, thresholds: Thresholds
) -> tuple[Stage, list[dict[str, Any]]]:
    """The model after merging, and every merger that was tried.

    The pair of factors that are most alike is merged first, and the model fitted again, until none is left that must be.
    """
    tried: list[dict[str, Any]] = []
    step = 1
    while len(stage.groups) > 1 and stage.cause != "singular":
        narrower = None
        for line in _suspects(stage, thresholds):
            found, narrow = _try(fit, stage, line, thresholds)
            tried.append({"step": step, **found})
            if found["merged"] == "yes":
                narrower = narrow
                break
        if narrower is None:
            break
        stage, step = narrower, step + 1
    return stage, tried


def _suspects(stage: Stage, thresholds: Thresholds) -> list[dict[str, Any]]:
    """Pairs that may be one factor, most alike first; of an impossible matrix the most alike in any case."""
    by_size = sorted(stage.lines, key=lambda line: -line["size"] if np.isfinite(line["size"]) else 0.0)
    found = [line for line in by_size if line["upper"] >= thresholds.distinct]
    if stage.singular and not any(line["size"] >= thresholds.distinct for line in found):
        return [{**by_size[0], "impossible": True}, *(line for line in found if line is not by_size[0])]
    return found


def _try(
    fit: Callable[[Groups], Stage], stage: Stage, line: dict[str, Any], thresholds: Thresholds
) -> tuple[dict[str, Any], Stage]:
    """One merger: what chi-square says of it, and whether it is made."""
    narrow = fit(_joined(stage.groups, line["first"], line["second"]))
    test = (float("nan"), 0, float("nan"))
    if stage.model is not None and narrow.model is not None:
        test = chi_square_difference(stage.model, narrow.model)
    merged = line["size"] >= thresholds.distinct or "impossible" in line
    kept = {name: line[name] for name in ("first", "second", "by", "size", "upper")} | {
        "impossible": "impossible" in line
    }
    return {**kept, **dict(zip(("chi2", "df", "p"), test, strict=True)), "merged": "yes" if merged else "no"}, narrow


def _joined(groups: Groups, first: tuple[str, ...], second: tuple[str, ...]) -> Groups:
    """The grouping with two groups as one, in the place of the first."""
    out: dict[tuple[str, ...], list[str]] = {}
    for group, items in groups.items():
        if group == first:
            out[first + second] = [*items, *groups[second]]
        elif group != second:
            out[group] = list(items)
    return out


# --- the verdict -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the verdict of a dimension rests on."""

    designed: Stage
    final: Stage
    tried: list[dict[str, Any]]
    consistency: Consistency
    thresholds: Thresholds
    labels: Mapping[str, Text]
    causes: Mapping[str, Text] = field(default_factory=lambda: _WHY_NOT)
    negative: frozenset[str] = frozenset()  # dimensions that alone are made of items turned round

    def called(self, group: tuple[str, ...]) -> Text:
        """A group of dimensions in words."""
        named = [self.labels[dimension] for dimension in group]
        return {key: " + ".join(say(name, key) for name in named) for key in ("en", "zh")}

    def factor_of(self, dimension: str) -> tuple[str, ...]:
        return next((group for group in self.final.groups if dimension in group), ())

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """Reliability of each dimension."""
        return _scores(self.consistency)


def _judged(seen: Evidence, dimension: str) -> Said:
    """Verdict of one dimension, the factor it ended in, and why."""
    group, tested = seen.factor_of(dimension), [d for own in seen.designed.groups for d in own]
    alone: Code = "none" if len(tested) < 2 else "total"
    if dimension not in tested:
        return "untested", (), [_WHY_NOT["one item"]]
    weak = _unreliable(seen, group or (dimension,))
    if not group:
        return alone, (), [weak] if weak else []
    if seen.designed.cause == "singular" or (seen.final.model is None and len(tested) == 1):
        return "untested", (), [seen.causes[seen.final.cause or seen.designed.cause]]
    if len(group) > 1:
        why = _merged_why(seen, dimension)
        if len(seen.final.groups) == 1:
            return "total", group, [*why, {"en": "no two dimensions are left", "zh": "最终无可区分的维度"}]
        return ("total", group, [*why, weak]) if weak else ("merge", group, why)
    bad = [seen.final.heywood[item] for item in seen.final.groups[group] if item in seen.final.heywood]
    bad += [_contrary_words(item, size) for item, size in seen.final.contrary(group).items()]
    if bad or weak:
        return alone, group, [*bad, *([weak] if weak else [])]
    cautions = _cautions(seen, dimension)
    return ("caution", group, cautions) if cautions else ("separate", group, [_sound(seen, dimension)])


def _contrary_words(item: str, size: float) -> Text:
    shown = _three(size).replace("-", "−")
    return {"en": f"{item} runs against its other items (loading {shown}): it may not have been turned round",
            "zh": f"{item} 与其余题项方向相反（载荷 {shown}）：可能未作反向计分"}  # fmt: skip


def _reliability(seen: Evidence, group: tuple[str, ...]) -> tuple[float, Text]:
    """Omega (alpha where there is none) of a dimension; composite reliability of merged ones."""
    if len(group) > 1:
        if seen.final.model is None:
            return float("nan"), {}
        return _convergent(seen.final.model, _name(group), "reliability"), {
            "en": "composite reliability",
            "zh": "组合信度",
        }
    return reliability_of(seen.scores[group[0]])


def _scores(consistency: Consistency) -> dict[str, dict[str, Any]]:
    lines = consistency.frame.to_dict("records")
    return {line["scale"]: {str(key): value for key, value in line.items()} for line in lines}


def reliability_of(row: Mapping[str, Any]) -> tuple[float, Text]:
    """Omega of a row of consistency; alpha where there is no proper omega."""
    if np.isfinite(row["omega"]) and "heywood" not in row["reason"]:
        return float(row["omega"]), {"en": "omega", "zh": "ω"}
    return float(row["alpha"]), {"en": "alpha", "zh": "α"}


_HARDLY_ONE: Text = {"en": "its items hardly measure one thing", "zh": "题项难以构成一个分数"}


def _unreliable(seen: Evidence, group: tuple[str, ...]) -> Text | None:
    value, what = _reliability(seen, group)
    floor = seen.thresholds.floor
    if not np.isfinite(value) or value >= floor:
        return None
    contrary = len(group) == 1 and "negative" in seen.scores[group[0]]["reason"]
    why = CONSISTENCY_REASONS["negative"] if contrary else _HARDLY_ONE
    return {"en": f"{what['en']} is {_three(value)}, under {_short(floor)}: {why['en']}",
            "zh": f"{what['zh']} 仅 {_three(value)}，低于 {_short(floor)}：{why['zh']}"}  # fmt: skip


def _merged_why(seen: Evidence, dimension: str) -> list[Text]:
    """The mergers that this dimension took part in."""
    lines = [line for line in seen.tried if line["merged"] == "yes"]
    own = [_pair_words(seen, line) for line in lines if dimension in (*line["first"], *line["second"])]
    return own + ([_WORDING] if set(seen.factor_of(dimension)) <= seen.negative else [])


def _pair_words(seen: Evidence, line: Mapping[Any, Any]) -> Text:
    """How alike two factors are and what merging them costs."""
    a, b, what = seen.called(line["first"]), seen.called(line["second"]), "r" if line["by"] == "r" else "HTMT"
    size, upper, limit = _three(line["size"]), _three(line["upper"]), _short(seen.thresholds.distinct)
    en, zh = f"{a['en']} and {b['en']} are not distinct", f"{a['zh']}与{b['zh']}无法区分"
    if line["merged"] == "no":
        en = f"{a['en']} and {b['en']} may not be distinct"
        zh = f"{a['zh']}与{b['zh']}可能难以区分"
    tail = {"en": "", "zh": ""}
    if np.isfinite(line["p"]):
        p = "< .001" if line["p"] < 0.0005 else f"= {_three(line['p'])}"
        told = _CHI_SQUARE_SAYS[line["merged"] == "yes", line["p"] >= seen.thresholds.p]
        tail["en"] = f"; merged, Δχ²({line['df']}) = {line['chi2']:.2f}, p {p}: {told['en']}"
        tail["zh"] = f"；合并后 Δχ²({line['df']}) = {line['chi2']:.2f}，p {p}，{told['zh']}"
    if line["impossible"]:
        tail["en"] += "; the most alike of factors whose correlations are impossible together"
        tail["zh"] += "；各因子相关不可能同时成立，此对最为接近"
    return {"en": f"{en} ({what} = {size}, upper bound {upper}, line {limit}){tail['en']}",
            "zh": f"{zh}（{what} = {size}，上限 {upper}，界值 {limit}）{tail['zh']}"}  # fmt: skip


_CHI_SQUARE_SAYS: Mapping[tuple[bool, bool], Text] = {  # merged, and not significant
    (True, True): {"en": "no evidence for two factors", "zh": "无证据支持两个因子"},
    (True, False): {"en": "two factors fit better, but share nearly all", "zh": "两因子拟合更好，但内容几乎相同"},
    (False, True): {"en": "these answers do not tell whether they are one or two", "zh": "现有回答不足以判断是一个还是两个因子"},
    (False, False): {"en": "two factors fit better", "zh": "两因子拟合更好"},
}  # fmt: skip


def _cautions(seen: Evidence, dimension: str) -> list[Text]:
    """What speaks against a dimension without forbidding its score."""
    group, lines = (dimension,), seen.thresholds
    out: list[Text] = []
    value, what = _reliability(seen, group)
    if np.isfinite(value) and value < lines.reliability:
        wanted = _short(lines.reliability)
        out.append({"en": f"{what['en']} is {_three(value)}, under {wanted}", "zh": f"{what['zh']} 为 {_three(value)}，低于 {wanted}"})  # fmt: skip
    last = max((line["step"] for line in seen.tried), default=0)
    left = [line for line in seen.tried if line["step"] == last and line["merged"] == "no"]
    out += [_pair_words(seen, line) for line in left if group in (line["first"], line["second"])]
    out += _side_criteria(seen, group)
    out += [_WORDING] if dimension in seen.negative else []
    if seen.final.model is None:
        out.append({key: f"{seen.causes[seen.final.cause][key]}{tail}" for key, tail in
                    (("en", "; HTMT speaks alone, its interval for normal, independent answers"), ("zh", "；仅依据 HTMT（区间假定正态、独立）"))})  # fmt: skip
    else:
        out += _poor_fit(seen.final.model, lines)
    return out


def _side_criteria(seen: Evidence, group: tuple[str, ...]) -> list[Text]:
    """Pairs that HTMT, or Fornell and Larcker's comparison with the dimension's own AVE, turn down in the final model."""
    own = seen.final.lines_with(group)
    high = [line for line in own if line["by"] == "r" and line["htmt"] >= seen.thresholds.distinct]
    out: list[Text] = []
    if high:
        names, shown = _partners(seen, group, high), [_three(line["htmt"]) for line in high]
        out.append(
            {
                "en": f"HTMT with {names['en']} is {', '.join(shown)}",
                "zh": f"与{names['zh']}的 HTMT 为 {'、'.join(shown)}",
            }
        )
    ave = float("nan") if seen.final.model is None else _convergent(seen.final.model, _name(group), "ave")
    fails = [line for line in own if line["r"] ** 2 >= ave]
    if fails:
        names = _partners(seen, group, fails)
        out.append({"en": f"shares as much variance with {names['en']} as its items do with it (Fornell-Larcker: r² is not under its AVE, {_three(ave)})",
                    "zh": f"与{names['zh']}共享的方差不低于其自身题项（Fornell–Larcker：r² 不低于其 AVE {_three(ave)}）"})  # fmt: skip
    return out


def _partners(seen: Evidence, group: tuple[str, ...], lines: Sequence[Mapping[str, Any]]) -> Text:
    """The other sides of some pairs, in words."""
    others = [seen.called(line["second"] if line["first"] == group else line["first"]) for line in lines]
    return {key: glue.join(other[key] for other in others) for key, glue in (("en", ", "), ("zh", "、"))}


def fit_measures(model: FactorModel) -> tuple[float, float, float]:
    """CFI, RMSEA and SRMR, robust where there are such."""
    one = model.indices
    if np.isfinite(one.cfi_robust):
        return one.cfi_robust, one.rmsea_robust, one.srmr
    return one.cfi, one.rmsea, one.srmr


def _poor_fit(model: FactorModel, lines: Thresholds) -> list[Text]:
    if model.indices.df == 0:
        return []
    cfi, rmsea, srmr = fit_measures(model)
    off = [f"CFI {_three(cfi)}"] * (cfi < lines.cfi) + [f"RMSEA {_three(rmsea)}"] * (rmsea > lines.rmsea)
    off += [f"SRMR {_three(srmr)}"] * (srmr > lines.srmr)
    return [{"en": f"the model as a whole fits poorly ({', '.join(off)})", "zh": f"模型整体拟合欠佳（{'，'.join(off)}）"}] if off else []  # fmt: skip


def _sound(seen: Evidence, dimension: str) -> Text:
    value, what = _reliability(seen, (dimension,))
    own = seen.final.lines_with((dimension,))
    head = {"en": f"its items go together ({what['en']} {_three(value)})", "zh": f"题项彼此一致（{what['zh']} = {_three(value)}）"}  # fmt: skip
    if not own:
        return head
    line = max(own, key=lambda each: each["size"] if np.isfinite(each["size"]) else -1.0)
    other = seen.called(line["second"] if line["first"] == (dimension,) else line["first"])
    name = "r" if line["by"] == "r" else "HTMT"
    size, upper = _three(line["size"]), _three(line["upper"])
    return {"en": f"{head['en']} and can be told from {other['en']}, the most like it ({name} = {size}, upper bound {upper})",
            "zh": f"{head['zh']}，且与最接近的{other['zh']}可以区分（{name} = {size}，上限 {upper}）"}  # fmt: skip


def _row(seen: Evidence, dimension: str, level: float) -> dict[str, Any]:
    """Verdict and numbers of one dimension; correlations and HTMT are those of the model as designed."""
    code, group, why = _judged(seen, dimension)
    one = seen.scores[dimension]
    numbers = {name: one[name] for name in ("k", "n", "n_dropped", "alpha", "alpha_low", "alpha_high", "omega", "omega_low", "omega_high")}  # fmt: skip
    merged = "+".join(d for d in group if d != dimension) if code == "merge" else ""
    return {"dimension": dimension, "verdict": code, "merge_with": merged, **numbers, "ave": _ave(seen, dimension),
            **_nearest(seen.designed, dimension), "reason": one["reason"],
            "why_en": "; ".join(text["en"] for text in why), "why_zh": "；".join(text["zh"] for text in why)}  # fmt: skip


def _ave(seen: Evidence, dimension: str) -> float:
    if seen.designed.model is None or (dimension,) not in seen.designed.groups:
        return float("nan")
    return _convergent(seen.designed.model, dimension, "ave")


def _convergent(model: FactorModel, factor: str, what: str) -> float:
    table = model.convergent
    return float(table.loc[table["factor"] == factor, what].iloc[0])


def _nearest(stage: Stage, dimension: str) -> dict[str, Any]:
    """The partner with the largest HTMT, and the one with the largest correlation."""
    out: dict[str, Any] = {}
    for name in ("r", "htmt"):
        own = [line for line in stage.lines_with((dimension,)) if np.isfinite(line[name])]
        out |= {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan, f"{name}_with": ""}
        if own:
            line = max(own, key=lambda each: abs(each[name]))
            other = line["second"] if line["first"] == (dimension,) else line["first"]
            out |= {part: line[part] for part in (name, f"{name}_low", f"{name}_high")} | {f"{name}_with": other[0]}
    return out


def _deciding(stage: Stage, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Reliability of one dimension, and how like it is to the one that is most alike."""
    name = row["dimension"]
    by = "omega" if np.isfinite(row["omega"]) and "heywood" not in row["reason"] else "alpha"
    ends = {"": by, "_low": f"{by}_low", "_high": f"{by}_high"}
    out = {
        "dimension": name,
        **{f"reliability{end}": row[column] for end, column in ends.items()},
        "reliability_by": by,
    }
    own = [line for line in stage.lines_with((name,)) if np.isfinite(line["size"])]
    if not own:
        return out | {"other": "", "by": ""} | dict.fromkeys(("size", "low", "high"), np.nan)
    line = max(own, key=lambda each: each["size"])
    other = line["second"] if line["first"] == (name,) else line["first"]
    low, high = (line[f"{line['by']}_low"], line[f"{line['by']}_high"])
    if line["by"] == "r" and line["r"] < 0:
        low, high = -high, -low
    return out | {"other": other[0], "by": line["by"], "size": line["size"], "low": low, "high": high}


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Validity(Result):
    """May the dimensions be reported? One row per dimension.

    Frame columns: ``dimension, verdict, merge_with`` (ids joined by "+"), ``k, n, n_dropped, alpha, alpha_low, alpha_high,
    omega, omega_low, omega_high, ave, r, r_low, r_high, r_with, htmt, htmt_low, htmt_high, htmt_with, reason, why_en, why_zh``.
    Correlations, AVE and HTMT are those of the model as designed; ``r_with`` and ``htmt_with`` name the nearest dimension.
    Verdicts: separate, caution, merge, total, none (no score at all), untested.

    Attributes
    ----------
    designed, final : Stage
        The model of the instrument's dimensions, and that after merging; ``.model`` is the FactorModel or None.
    tried : mergers that were tried: ``step, first, second, by, size, upper, chi2, df, p, merged``
    consistency, count : the results read beside; ``count`` is None where it was not asked for
    thresholds, level, matrix : as asked; the matrix is the base of the model
    """

    designed: Stage = field(kw_only=True)
    final: Stage = field(kw_only=True)
    tried: pd.DataFrame = field(kw_only=True)
    consistency: Consistency = field(kw_only=True)
    count: FactorCount | None = field(kw_only=True)
    thresholds: Thresholds = field(kw_only=True)
    level: float = field(kw_only=True)
    matrix: ItemMatrix = field(kw_only=True)
    words: Mapping[str, Text] = field(kw_only=True)
    causes: Mapping[str, Text] = field(default_factory=lambda: _WHY_NOT, kw_only=True)
    remarks: tuple[Text, ...] = field(default=(), kw_only=True)

    @property
    def problems(self) -> tuple[Text, ...]:
        """What is wrong with the model as designed, with its cause; empty where it is proper."""
        if self.designed.cause:
            return (self.causes[self.designed.cause],)
        return () if self.designed.model is None else self.designed.model.problems

    def verdict(self, dimension: str | None = None) -> Code:
        """The verdict of one dimension, or the worst of all."""
        if dimension is not None:
            return next(code for code in _WORST if code == self._line(dimension)["verdict"])
        every = set(self.frame["verdict"])
        return next(code for code in _WORST if code in every)

    def _line(self, dimension: str) -> pd.Series:
        own = self.frame[self.frame["dimension"] == dimension]
        if own.empty:
            raise SpecError(f"no dimension {dimension!r}. Dimensions: {', '.join(self.frame['dimension'])}.")
        return own.iloc[0]

    def deciding(self) -> pd.DataFrame:
        """The two numbers that decide of each dimension, from the model as designed.

        Columns: ``dimension``; ``reliability, reliability_low, reliability_high, reliability_by`` ("omega", or "alpha" where there
        is no proper omega); ``other, by, size, low, high``: the dimension that is most alike, whether their correlation ("r") or
        HTMT ("htmt") is judged, its size and interval; nan and "" where there is none.
        """
        return pd.DataFrame([_deciding(self.designed, row) for row in self.frame.to_dict("records")])

    def title(self) -> str:
        of = say(OF_WORDS[self.matrix.of], self.language)
        return f"各维度可否单独报告：{of}" if self.language == "zh" else f"May the dimensions be reported? ({of})"

    def columns(self) -> tuple[Column, ...]:
        percent = f"{100 * self.level:g}%"
        low, high = (
            {"en": f"{percent} low", "zh": f"{percent} 下限"},
            {"en": f"{percent} high", "zh": f"{percent} 上限"},
        )
        joined: dict[str, Text] = {key: self._together(key) for key in self.frame["merge_with"] if key}
        out = [Column("dimension", {"en": "dimension", "zh": "维度"}, "text", self.words),
               Column("verdict", {"en": "verdict", "zh": "结论"}, "text", VERDICTS),
               Column("merge_with", {"en": "with", "zh": "合并对象"}, "text", joined)]  # fmt: skip
        out += [Column("k", {"en": "items", "zh": "题项数"}, "count"), Column("n", {"en": "n", "zh": "样本量"}, "count"),
                Column("n_dropped", {"en": "not used", "zh": "未使用"}, "count")]  # fmt: skip
        for name, label in (("alpha", {"en": "alpha", "zh": "α"}), ("omega", {"en": "omega", "zh": "ω"}), ("ave", {"en": "AVE", "zh": "AVE"}),
                            ("r", {"en": "largest r", "zh": "最大相关"}), ("htmt", {"en": "largest HTMT", "zh": "最大 HTMT"})):  # fmt: skip
            out.append(Column(name, label, "number"))
            if name != "ave":
                out += [Column(f"{name}_low", low, "number"), Column(f"{name}_high", high, "number")]
            if name in ("r", "htmt"):
                out.append(Column(f"{name}_with", {"en": "with", "zh": "对象"}, "text", self.words))
        return (*out, Column(f"why_{self.language}", {"en": "why", "zh": "理由"}))

    def _together(self, joined: str) -> Text:
        return {key: " + ".join(say(self.words[d], key) for d in joined.split("+")) for key in ("en", "zh")}

    def note(self) -> str:
        """What is wrong with the model, its fit, the count of factors, the lines drawn, the base."""
        zh = self.language == "zh"
        parts = [say(text, self.language) for text in (*self.remarks, *self.problems)]
        parts += [text for text in (self._fits(), "" if self.count is None else self.count.sentence(self.language).rstrip(".。")) if text]  # fmt: skip
        said = "".join(f"{part}。" for part in parts) if zh else " ".join(f"{part[0].upper()}{part[1:]}." for part in parts) + " "  # fmt: skip
        reasons = self._reasons()
        return said + reasons + self.thresholds.sentence(self.language) + ("" if zh else " ") + self.matrix.sentence(self.language)  # fmt: skip

    def _reasons(self) -> str:
        """Why alpha or omega of some dimensions is missing or to be read with care."""
        zh, lines = self.language == "zh", []
        for dimension, reason in zip(self.frame["dimension"], self.frame["reason"], strict=True):
            said = [say(CONSISTENCY_REASONS[key], self.language) for key in reason.split(", ") if key in CONSISTENCY_REASONS and key]  # fmt: skip
            if said:
                name = say(self.words[dimension], self.language)
                lines.append(f"{name}：{'；'.join(said)}。" if zh else f"{name}: {'; '.join(said)}. ")
        return "".join(lines)

    def _fits(self) -> str:
        """Fit of the model as designed and, where it differs, after merging."""
        zh, out = self.language == "zh", []
        for stage in (self.designed, self.final)[: 1 + (len(self.final.groups) < len(self.designed.groups))]:
            if stage.model is None or stage.model.indices.df == 0:
                continue
            cfi, rmsea, srmr = fit_measures(stage.model)
            one, k, base = stage.model.indices, len(stage.groups), f"n = {stage.model.indices.n:,}"
            out.append(f"{k} 因子模型：χ²({one.df}) = {one.chi2:.2f}，CFI {_three(cfi)}，RMSEA {_three(rmsea)}，SRMR {_three(srmr)}，{base}" if zh else
                       f"model with {k} factor{'s' * (k > 1)}: χ²({one.df}) = {one.chi2:.2f}, CFI {_three(cfi)}, RMSEA {_three(rmsea)}, SRMR {_three(srmr)}, {base}")  # fmt: skip
        how = self.designed.model or self.final.model
        if out and how is not None:
            out.append(say(ESTIMATORS[how.estimator], self.language))
        return ("；" if zh else "; ").join(out)

    def sentence(self, dimension: str | None = None, language: Language | None = None) -> str:
        """One dimension's verdict with its reasons; without one, all verdicts."""
        tongue = language or self.language
        if dimension is None:
            return self.line(tongue)
        row, zh = self._line(dimension), tongue == "zh"
        name, what = say(self.words[dimension], tongue), say(VERDICTS[row["verdict"]], tongue)
        if row["merge_with"]:
            other = say(self._together(row["merge_with"]), tongue)
            what = f"与{other}合并" if zh else f"merge with {other}"
        return spaced(f"{name}：{what}，因为{row['why_zh']}。") if zh else f"{name}: {what}, because {row['why_en']}."

    def line(self, language: Language | None = None) -> str:
        """What must stand under every table of dimensions, in one line."""
        tongue = language or self.language
        zh = tongue == "zh"
        of = say(OF_WORDS[self.matrix.of], tongue)
        found = set(self.frame["verdict"])
        if found == {"separate"}:
            return f"量表检验（{of}）：{len(self.frame)} 个维度均可单独报告。" if zh else (
                f"Scale check ({of}): {self._all()} may be reported separately.")  # fmt: skip
        parts = []
        for code in (code for code in _WORST[::-1] if code in found):
            names = self._merged_names(tongue) if code == "merge" else [
                say(self.words[d], tongue) for d in self.frame.loc[self.frame["verdict"] == code, "dimension"]]  # fmt: skip
            parts.append(f"{'、'.join(names)}：{say(VERDICTS[code], tongue)}" if zh else f"{', '.join(names)}: {say(VERDICTS[code], tongue)}")  # fmt: skip
        return f"量表检验（{of}）：{'；'.join(parts)}。" if zh else f"Scale check ({of}): {'; '.join(parts)}."

    def _all(self) -> str:
        k = len(self.frame)
        return "the dimension" if k == 1 else f"all {k} dimensions"

    def _merged_names(self, tongue: str) -> list[str]:
        """Each merged group once."""
        merged = set(self.frame.loc[self.frame["verdict"] == "merge", "dimension"])
        groups = [group for group in self.final.groups if set(group) <= merged]
        return [say(self._together("+".join(group)), tongue) for group in groups]

    def comparability(self, language: Language | None = None) -> str:
        """For ``compare(..., comparability=...)``: which dimensions stand for themselves, and what this does not test."""
        tongue = language or self.language
        rest = "；各组是否可比（测量不变性）另需检验" if tongue == "zh" else (
            "; whether groups may be compared (measurement invariance) is another question, see invariance()")  # fmt: skip
        return self.line(tongue).rstrip(".。") + rest

    def plot(self, ax: Axes | None = None) -> Axes:
        """Reliability and distinctness of each dimension beside their lines, marked by the verdict."""
        from servqual.plots.validity import draw_validity

        return draw_validity(self, ax)

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language, matrix=self.matrix.in_language(language))


# --- the verb --------------------------------------------------------------------------------------------------


def validity(
    responses: Responses | ItemMatrix,
    *,
    of: Of = "perception",
    thresholds: Thresholds | None = None,
    estimator: Estimator | None = None,
    missing: Missing = "listwise",
    level: float = 0.95,
    replicates: int = 200,
    seed: int = 1,
) -> Validity:
    """May these dimensions be reported? A verdict for each, with its reasons and the numbers behind.

    1. A dimension with omega under ``floor`` gets no score of its own; what is left is tested without it.
    2. The instrument's dimensions are fitted as correlated factors. Two factors are one where they correlate ``distinct`` or
       more. The pair most alike is merged, the model is fitted again, and so on. An interval that reaches ``distinct`` calls for
       caution: that one factor fits no worse than two (chi-square difference) shows that they are one only where answers are many.
    3. A dimension with a negative residual variance in the model that is left (Heywood case), or with an item that runs against its
       others, gets no score of its own.
    4. What is left is reported separately: with caution where omega is under ``reliability``, an interval reaches
       ``distinct``, HTMT or Fornell and Larcker's comparison fail, the model as a whole fits poorly, or all of a dimension's items,
       and no others, are worded negatively.

    Parameters
    ----------
    responses : Responses, or an ItemMatrix with dimensions (a printed matrix and its n will do)
    of : "perception", "expectation" or "gap"
    thresholds : where lines are drawn; :class:`Thresholds` if not given
    estimator : as in :func:`servqual.cfa.confirm_factors`; if not given "mlr", whose intervals and chi-square hold where most answers
        lie at one end of the scale too, and "ml" for a matrix or with "pairwise"
    missing, level : as in :func:`servqual.cfa.confirm_factors`; with "fiml" alpha and omega rest on pairs
    replicates, seed : random matrices of the parallel analysis told beside; 0 leaves it out. It does not decide.

    Returns
    -------
    Validity
        Where no model can be fitted the verdict says why.

    Raises
    ------
    SpecError
        Items without a dimension, or an estimator that needs answers where there is a matrix alone.
    DataError
        An item that does not vary, or a pair that nobody answered together.

    Notes
    -----
    The verdict is about scores of this questionnaire in this sample. How often it is wrong, in simulated studies: docs/gate.md.
    Reliability is judged by its estimate, distinctness by its interval. Weights and clusters count as in the results read.

    References
    ----------
    Rönkkö and Cho (2022), Organizational Research Methods 25, 6-47, doi:10.1177/1094428120968614. Henseler, Ringle and Sarstedt
    (2015), doi:10.1007/s11747-014-0403-8. Fornell and Larcker (1981), doi:10.1177/002224378101800104. Checked against lavaan's
    figures of Babakus and Boller's matrix, and of the bank and mobile phone data (tests/test_validity.py).

    Examples
    --------
    >>> loading = np.full(9, 0.8)
    >>> phi = np.array([[1, 0.97, 0.4], [0.97, 1, 0.4], [0.4, 0.4, 1]])
    >>> r = np.outer(loading, loading) * np.kron(phi, np.ones((3, 3)))
    >>> np.fill_diagonal(r, 1)
    >>> matrix = ItemMatrix.from_matrix(r, 400, dimensions=["care"] * 3 + ["help"] * 3 + ["look"] * 3)
    >>> found = validity(matrix, replicates=0)
    >>> found.verdict("care"), found.verdict("look"), found.line()
    ('merge', 'separate', 'Scale check (perceptions): look: report separately; care + help: merge.')
    """
    check_answers(responses, "validity")
    lines = thresholds or Thresholds()
    check_between("level", level, 0, 1)
    check_choice("missing", missing, Missing)
    how = _estimator(responses, estimator, missing)
    matrix = _matrix(responses, of, how, missing)
    every = groups_of(matrix)
    labels = {d: matrix.dimension_labels.get(d) or {"en": d, "zh": d} for d in every}
    groups: Groups = {(d,): items for d, items in every.items() if len(items) > 1}
    if not groups:
        raise SpecError("Every dimension has one item: there is nothing to test. Give dimensions of two or more items.")
    source = matrix if how == "ml" and missing != "fiml" else responses
    fit = partial(_fit, source, matrix, matrix.of, how, missing, level)
    rule: MissingRule = "listwise" if missing == "listwise" else "pairwise"
    consistency = internal_consistency(responses, of=matrix.of, missing=rule, level=level, group_factors=0)
    designed = fit(groups)
    start = _without_weak(fit, designed, consistency, lines)
    final, tried = merge_steps(fit, start, lines)
    causes = _causes(matrix)
    seen = Evidence(designed, final, tried, consistency, lines, labels, causes, _negative(responses, every))
    count = factor_count(matrix, replicates=replicates, seed=seed) if replicates else None
    return Validity(pd.DataFrame([_row(seen, d, level) for d in every]), matrix.language, designed=designed, final=final, tried=_tried_table(tried),
                    consistency=consistency, count=count, thresholds=lines, level=level, matrix=matrix, words=labels,
                    causes=causes, remarks=_lost(matrix))  # fmt: skip


def _causes(matrix: ItemMatrix) -> Mapping[str, Text]:
    """Why there is no model, with the numbers where respondents are too few."""
    if matrix.n > matrix.k:
        return _WHY_NOT
    n, k, rest = f"{matrix.n:,}", matrix.k, matrix.n_dropped
    told: Text = {"en": f"{n} respondents answered all {k} items, and a factor model takes more respondents than items",
                  "zh": f"仅 {n} 名受访者答完全部 {k} 个题项，拟合因子模型需受访者多于题项"}  # fmt: skip
    more = {"en": f"; missing='fiml' counts the other {rest:,} too", "zh": f"；missing='fiml' 可计入其余 {rest:,} 人"}
    return {**_WHY_NOT, "singular": {key: told[key] + (more[key] if rest else "") for key in ("en", "zh")}}


def _lost(matrix: ItemMatrix) -> tuple[Text, ...]:
    """That many respondents were left out because an item was skipped."""
    whole = matrix.n + matrix.n_dropped
    if matrix.missing != "listwise" or isinstance(matrix, EstimatedMatrix) or not matrix.n_dropped > _MANY_LOST * whole:
        return ()
    share = matrix.n_dropped / whole
    return ({"en": f"{share:.0%} of respondents skipped an item and are not used: missing='fiml' counts every answer",
             "zh": f"{share:.0%} 的受访者有题项未答而未使用：missing='fiml' 可计入每个回答"},)  # fmt: skip


def _negative(responses: Responses | ItemMatrix, every: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Dimensions made of reverse items alone, where the others have none: wording and content can't be told apart then."""
    if isinstance(responses, ItemMatrix):
        return frozenset()
    turned = {item.id for item in responses.instrument.items if item.reverse}
    whole = {name for name, items in every.items() if turned.issuperset(items)}
    mixed = any(turned.intersection(items) for name, items in every.items() if name not in whole)
    return frozenset() if mixed or len(whole) == len(every) else frozenset(whole)


def why_untested(instrument: Instrument) -> str:
    """Why a scale has no structure that could be tested, a key of ``UNTESTED``; empty where it has.

    >>> from servqual.instruments import load_instrument
    >>> why_untested(load_instrument("servqual-22"))
    ''
    """
    homes = [item.dimension for item in instrument.items]
    if not all(homes):
        return "no dimension"
    return "one item" if len(set(homes)) == len(homes) else ""


def _without_weak(
    fit: Callable[[Groups], Stage], designed: Stage, consistency: Consistency, thresholds: Thresholds
) -> Stage:
    """The model without dimensions that get no score anyway: their correlations say little and would blur the others'."""
    rows = _scores(consistency)
    kept = {group: items for group, items in designed.groups.items()
            if not reliability_of(rows[group[0]])[0] < thresholds.floor}  # fmt: skip
    if len(kept) == len(designed.groups) or designed.cause == "singular":
        return designed
    return fit(kept) if kept else Stage({}, None, "", designed.pairs.iloc[:0])


def _tried_table(tried: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["step", "first", "second", "by", "size", "upper", "chi2", "df", "p", "merged"]
    return pd.DataFrame([{name: line[name] for name in columns} for line in tried], columns=columns)


def _estimator(responses: Responses | ItemMatrix, asked: Estimator | None, missing: Missing) -> Estimator:
    """Robust maximum likelihood where there are answers; what a matrix, or pairs of different people, allow where there are not."""
    if asked is not None:
        return asked
    if isinstance(responses, ItemMatrix):
        return "wlsmv" if responses.kind == "polychoric" else "ml"
    return "ml" if missing == "pairwise" else "mlr"


def _matrix(responses: Responses | ItemMatrix, of: Of, how: Estimator, missing: Missing) -> ItemMatrix:
    """What is known of the items, by the rule for missing answers."""
    if missing == "fiml" and not isinstance(responses, ItemMatrix):
        return estimated_matrix(responses, of, None)
    rule: MissingRule = "pairwise" if missing == "pairwise" else "listwise"
    return item_matrix(responses, of=of, missing=rule, kind="polychoric" if how == "wlsmv" else "pearson")
