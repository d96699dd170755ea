"""Do the items of a dimension measure one thing, and how well? Alpha and what is better than alpha, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.correlations import OF_WORDS, ItemMatrix, MissingRule, Of
from servqual.difference_scores import difference_reliability
from servqual.inference import REASONS, Interval, Spread, t_interval
from servqual.psychometrics.batteries import ALL, Battery, NormalTheory, Summary, battery_of, nobody
from servqual.psychometrics.coefficients import (
    alpha,
    alpha_slope,
    feldt_interval,
    greatest_split_half,
    is_definite,
    items_needed,
    lambda6,
    mean_correlation,
    omega,
    omega_slope,
    one_factor,
    standardized_alpha,
)
from servqual.psychometrics.hierarchy import hierarchy
from servqual.psychometrics.ordered import OrderedRow, ordered_rows
from servqual.responses import Responses
from servqual.tabulation import Estimates
from survey_design.errors import SpecError, check_between
from survey_design.results import Column, Estimate, Text, say

Array = NDArray[Any]

CONSISTENCY_REASONS: Mapping[str, Text] = {
    **REASONS,
    "one answer": {"en": "one respondent: nothing varies", "zh": "仅一名受访者，无差异可言"},
    "no pair": {"en": "a pair of items was answered by nobody", "zh": "有一对题项无人同时作答"},
    "no complete": {"en": "nobody answered all of its items", "zh": "无人答完其全部题项"},
    "one item": {"en": "one item: nothing to agree with", "zh": "仅一个题项，无从谈一致性"},
    "two items": {"en": "two items: no omega", "zh": "仅两个题项，无法计算 ω"},
    "constant": {"en": "an item does not vary", "zh": "有题项回答全部相同"},
    "few": {"en": "no more respondents than items", "zh": "受访者不多于题项数"},
    "singular": {
        "en": "correlations not positive definite (items repeat each other, or pairs rest on different people): no omega, no lambda 6",
        "zh": "相关矩阵非正定（题项彼此重复，或各对取自不同的人），无 ω 与 λ6",
    },
    "unstable": {
        "en": "too many replicates without an omega: no interval for it",
        "zh": "过多重复样本无 ω，其区间从缺",
    },
    "not converged": {"en": "no one-factor solution: no omega", "zh": "单因子模型无解，无 ω"},
    "heywood": {
        "en": "Heywood case: an item would share more than all of its variance; omega without interval, not to be relied on",
        "zh": "Heywood 情形：某题项的共同方差超过其全部方差；ω 不可信，无区间",
    },
    "negative": {
        "en": "items disagree on balance: one may be turned the wrong way",
        "zh": "题项总体互相矛盾：可能有题项未作反向计分",
    },
    "exact": {"en": "items say the same: no interval", "zh": "题项完全一致，无区间"},
    "no general": {
        "en": "no omega hierarchical: its factors were not found",
        "zh": "未得到因子解，无层级 ω",
    },
    "no polychoric": {
        "en": "no polychoric correlations: an item does not vary, or a pair is missing, here or in another group",
        "zh": "无多分格相关：本组或他组有题项无差异或缺对",
    },
    "no categorical": {
        "en": "no proper factor behind the polychoric correlations: no categorical omega",
        "zh": "多分格相关无合理单因子解，无有序 ω",
    },
    "at the bound": {
        "en": "a polychoric correlation is at its bound: categorical omega without interval",
        "zh": "有多分格相关达上限，有序 ω 无区间",
    },
    "polychoric": {
        "en": "of latent answers: no interval from Pearson theory",
        "zh": "基于潜在连续回答，不适用 Pearson 理论区间",
    },
}
LATENT: Text = {
    "en": "alpha, omega, lambda 6 and the split speak of latent answers that nobody gave (ordinal alpha: a hypothetical coefficient, "
    "Chalmers 2018); of the answers as ticked speaks omega categorical",
    "zh": "α、ω、λ6 与分半针对无人给出的潜在连续回答（有序 α，属假设性系数，Chalmers 2018）；针对实际回答者为有序 ω",
}
_NUMBERS: Mapping[str, tuple[Text, str]] = {
    "alpha": ({"en": "alpha", "zh": "α"}, "number"),
    "alpha_low": ({"en": "low", "zh": "下限"}, "number"),
    "alpha_high": ({"en": "high", "zh": "上限"}, "number"),
    "omega": ({"en": "omega", "zh": "ω"}, "number"),
    "omega_low": ({"en": "omega low", "zh": "ω 下限"}, "number"),
    "omega_high": ({"en": "omega high", "zh": "ω 上限"}, "number"),
    "omega_categorical": ({"en": "omega categorical", "zh": "有序 ω"}, "number"),
    "omega_categorical_low": ({"en": "low", "zh": "下限"}, "number"),
    "omega_categorical_high": ({"en": "high", "zh": "上限"}, "number"),
    "omega_hierarchical": ({"en": "omega hierarchical", "zh": "层级 ω"}, "number"),
    "alpha_standardized": ({"en": "alpha std.", "zh": "标准化 α"}, "number"),
    "lambda6": ({"en": "lambda 6", "zh": "λ6"}, "number"),
    "split_half": ({"en": "best split", "zh": "最大分半"}, "number"),
    "mean_r": ({"en": "mean r", "zh": "平均 r"}, "number"),
    "reliability_difference": ({"en": "reliability of P − E", "zh": "差值信度"}, "number"),
    "items_needed": ({"en": "items for {wanted:g}", "zh": "达 {wanted:g} 所需题数"}, "count"),
}
_TAKEN = (
    "scale",
    "k",
    "n",
    "n_dropped",
    "df",
    "reason",
    "alpha_se",
    "omega_se",
    "omega_categorical_se",
    "omega_total",
    *_NUMBERS,
)
_EXACT = 1e-9


# --- the result ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Consistency(Estimates):
    """How well the items of each dimension measure one thing, one row per dimension (and one of all items) and group.

    Frame columns: the split columns, ``scale`` (dimension, or "all"), ``k`` (items), ``n, n_dropped``; ``alpha, alpha_se,
    alpha_low, alpha_high, omega, omega_se, omega_low, omega_high, df``; ``omega_hierarchical, omega_total`` (from a general
    and several group factors, of all items: nan in the rows of dimensions, which the note says); where asked for ``omega_categorical`` with ``_se, _low, _high``; ``alpha_standardized, lambda6, split_half, mean_r``; ``items_needed`` (items
    like these for the wanted reliability); for gaps ``reliability_difference``; ``reason``.
    """

    of: Of = "perception"
    words: Mapping[str, Text] = field(default_factory=dict)
    wanted: float = 0.8
    group_factors: int = 3

    def title(self) -> str:
        of = OF_WORDS[self.of]
        return self.titled({"en": f"Internal consistency of {of['en']}", "zh": f"内部一致性：{of['zh']}"})

    def columns(self) -> tuple[Column, ...]:
        numbers = [
            Column(name, {key: word.format(wanted=self.wanted) for key, word in label.items()}, kind)  # type: ignore[arg-type]
            for name, (label, kind) in _NUMBERS.items()
            if name in self.frame and (name not in _OPTIONAL or self.frame[name].notna().any())
        ]
        reasons = {key: _said(key) for key in self.frame["reason"]}
        return (
            *self.by_columns,
            Column("scale", {"en": "scale", "zh": "量表"}, "text", self.words),
            Column("k", {"en": "items", "zh": "题项数"}, "count"),
            Column("n", {"en": "n", "zh": "样本量"}, "count"),
            Column("n_dropped", {"en": "not used", "zh": "未使用"}, "count"),
            *numbers,
            *self.reasons(reasons),
        )

    def about(self) -> tuple[Text, ...]:
        return tuple(part for name, part in _ABOUT.items() if name in ("", *self._shown_numbers())) + (
            ({"en": f"omega hierarchical (of all items together only): share of the sum's variance that one general factor explains beside "
              f"{self.group_factors} group factors (minres, oblimin, Schmid-Leiman)",
              "zh": f"层级 ω（仅对全部题项计算）：除 {self.group_factors} 个组因子外，一般因子在总分方差中的占比（minres、oblimin、Schmid–Leiman）"},)
            if "omega_hierarchical" in self._shown_numbers() else ())  # fmt: skip

    def _shown_numbers(self) -> list[str]:
        return [column.name for column in self.columns()]

    def row(self, scale: str, **group: Any) -> pd.Series:
        """The numbers of one dimension, or of "all"."""
        return self.find("scale", scale, group, "Scales")

    def estimate(self, scale: str, coefficient: str = "alpha", **group: Any) -> Estimate:
        """Alpha or omega of one dimension with its interval and base."""
        if coefficient not in ("alpha", "omega"):
            raise SpecError(f"coefficient={coefficient!r}: 'alpha' and 'omega' have intervals.")
        row = self.row(scale, **group)
        value, se, low, high = (row[f"{coefficient}{end}"] for end in ("", "_se", "_low", "_high"))
        reason = say(_said(row["reason"]), self.language)
        return Estimate(value, se, low, high, int(row["n"]), row["df"], self.level, method=self.method, reason=reason)

    def sentence(self, scale: str, **group: Any) -> str:
        """One dimension in words: alpha and omega with their intervals, and whether they reach what is wanted."""
        row, zh = self.row(scale, **group), self.language == "zh"
        place, why = self.beside(say(self.words[scale], self.language), row), say(_said(row["reason"]), self.language)
        if not np.isfinite(row["alpha"]):
            return self.nothing(place, "reliability", why)
        shown = [self._shown(row, name) for name in ("alpha", "omega") if np.isfinite(row[name])]
        base = (
            f"{int(row['k'])} 个题项，n = {int(row['n']):,}" if zh else f"{int(row['k'])} items, n = {int(row['n']):,}"
        )
        verdict = self._verdict(row)
        if zh:
            return f"{place}：{'，'.join(shown)}；{base}。{verdict}" + (f"（{why}。）" if why else "")
        said = [f"{', '.join(shown)}; {base}.", verdict, f"({why[0].upper()}{why[1:]}.)" if why else ""]
        return f"{place}: {' '.join(part for part in said if part)}"

    def _shown(self, row: pd.Series, name: str) -> str:
        label = say(_NUMBERS[name][0], self.language)
        value = Column(name, {}, "number").show(row[name], self.language)
        if not np.isfinite(row[f"{name}_low"]):
            return f"{label} {value}"
        shown = Estimate(0.0, 0.0, row[f"{name}_low"], row[f"{name}_high"], 0, 0.0, self.level).interval(self.language)
        return f"{label} {value}（{shown}）" if self.language == "zh" else f"{label} {value} ({shown})"

    def _verdict(self, row: pd.Series) -> str:
        """Whether alpha reaches what is wanted, and how many items would."""
        zh, wanted, number = self.language == "zh", f"{self.wanted:g}", row["items_needed"]
        if not np.isfinite(row["alpha_low"]):
            return ""
        if row["alpha_low"] >= self.wanted:
            return f"α 达到 {wanted}。" if zh else f"Alpha reaches {wanted}."
        about = "" if not np.isfinite(number) or row["alpha"] >= self.wanted else (
            f"，约需 {number:.0f} 个同类题项" if zh else f"; about {number:.0f} items like these would")  # fmt: skip
        if row["alpha_high"] < self.wanted:
            return f"α 未达 {wanted}{about}。" if zh else f"Alpha falls short of {wanted}{about}."
        sure = f"不能确定 α 是否达到 {wanted}" if zh else f"Alpha may or may not reach {wanted}"
        return f"{sure}{about}。" if zh else f"{sure}{about}."


_OPTIONAL = ("omega", "omega_low", "omega_high", "omega_categorical", "omega_categorical_low", "omega_categorical_high",
             "omega_hierarchical", "split_half", "reliability_difference")  # fmt: skip
_ABOUT: Mapping[str, Text] = {
    "": {"en": "alpha is the reliability of the sum only if all items measure the same thing equally well, else usually "
         "less; it does not show that they measure one thing",
         "zh": "仅当各题项同等程度测量同一事物时 α 才等于总分信度，否则通常偏低；α 不能证明单维性"},
    "omega": {"en": "omega: share of the sum's variance that one common factor explains (maximum likelihood)",
              "zh": "ω：单一公因子在总分方差中的占比（极大似然）"},
    "omega_categorical": {
        "en": "omega categorical: the same of answers as ticked, from one factor behind polychoric correlations (Green and Yang); its interval by "
        "the delta method, clusters counted, strata not",
        "zh": "有序 ω：以多分格相关的单因子模型推得的观测总分信度（Green 与 Yang）；区间用 delta 法，计入群而未计入分层"},
    "split_half": {"en": "best split: the luckiest of all halves of up to 12 items, too high in small samples",
                   "zh": "最大分半：所有分半中最大者（至多 12 题），小样本时偏高"},
    "reliability_difference": {
        "en": "reliability of P − E from that of its parts, for which the two forms' correlation is a loss; alpha of the item "
        "gaps sees only whether they agree",
        "zh": "差值信度由两份问卷的信度与相关推出，相关越高越低；题项差距的 α 仅反映其一致程度"},
}  # fmt: skip


def _said(reasons: str) -> Text:
    """Several reasons in one text."""
    keys = [key for key in reasons.split(", ") if key]
    return {language: glue.join(say(CONSISTENCY_REASONS[key], language) for key in keys)
            for language, glue in (("en", "; "), ("zh", "；"))}  # fmt: skip


# --- the verb --------------------------------------------------------------------------------------------------


def internal_consistency(
    responses: Responses | ItemMatrix,
    *,
    of: Of = "perception",
    by: str | Sequence[str] | None = None,
    missing: MissingRule = "listwise",
    interval: Interval | None = None,
    level: float = 0.95,
    wanted: float = 0.8,
    group_factors: int = 3,
    categorical: bool = False,
) -> Consistency:
    """Cronbach's alpha, McDonald's omega and their kin, for each dimension and for all items, with intervals.

    Parameters
    ----------
    responses : Responses, or an ItemMatrix: a correlation or covariance matrix and its n are enough
    of : whose items: "perception", "expectation", or "gap" (perception minus expectation of the same respondent)
    by : column or columns to split by
    missing : "listwise": a row rests on those who answered all of its items; "pairwise": each covariance on those who
        answered both
    interval : how intervals are made; by default from the answers, whatever their distribution: ``Student()`` where respondents are a
        simple sample, :class:`~servqual.Taylor` where a design is described. :class:`~servqual.psychometrics.NormalTheory` has Feldt's
        for alpha, and is all that a matrix allows; ``Bootstrap()`` computes again
    level : confidence of the intervals
    wanted : the reliability that ``items_needed`` and the sentence ask for
    group_factors : factors beside the general one for ``omega_hierarchical``, of all items (three for each,
        at the least): three or more; 0 leaves it out
    categorical : True for ``omega_categorical`` as well: answers taken as ordered, not as numbers (Green and Yang); a matrix of
        polychoric correlations has it of itself

    Returns
    -------
    Consistency

    Raises
    ------
    SpecError
        If the form was not asked, gaps are asked for of different people, or a matrix is to be split.
    DataError
        If the responses lack a column of ``by``.

    Notes
    -----
    With covariance C of k items, ``alpha = k/(k − 1) (1 − tr C / 1'C1)``. Omega is ``(sum λ)² / ((sum λ)² + sum ψ)`` of the
    one-factor model ``C = λλ' + diag ψ`` by maximum likelihood, with the model's own variance below. Alpha equals omega where all
    loadings are the same and is smaller where they are not. Read neither as proof of one dimension: many items with two factors
    have a high alpha. Of polychoric correlations alpha and omega are those of
    latent answers nobody gave (Chalmers 2018); ``omega_categorical`` is that of the sum of answers as given. ``omega_hierarchical`` of all items asks that: the share of the total's variance that a general
    factor explains (Schmid and Leiman's transformation of oblique minres factors).

    Reliabilities are proportions of what differs between people: where a group is alike they fall, though the items
    are the same. .70 is a customary floor for research, .80 for comparing groups (Nunnally 1978).

    Except for Feldt's, intervals of alpha and omega are made for ``log(1 − value)``, from the influence of each respondent, with
    the exact derivative of the coefficient (for omega by the implicit function at the solution, so that the factor
    model need not hold). With replicates omega is fitted anew in each. Other columns have no interval. Feldt's supposes normal
    answers: with 400 customers, half of them at the top of the scale, it holds alpha 75 times in 100, the default 93 times.

    References
    ----------
    Cronbach (1951), Psychometrika 16, 297-334, doi:10.1007/BF02310555. Feldt (1965), Psychometrika 30, 357-370,
    doi:10.1007/BF02289499. Schmid and Leiman (1957), Psychometrika 22, 53-61, doi:10.1007/BF02289209. McNeish (2018),
    Psychological Methods 23, 412-433, doi:10.1037/met0000144. Green and Yang (2009), Psychometrika 74, 155-167,
    doi:10.1007/s11336-008-9099-3. Chalmers (2018), Educational and Psychological Measurement 78, 1056-1071,
    doi:10.1177/0013164417727036. Checked against R's psych 2.2.9, lavaan 0.6-14 and
    ``survey::svycralpha`` (tests/test_psychometrics.py).

    Examples
    --------
    >>> from servqual.correlations import ItemMatrix
    >>> matrix = ItemMatrix.from_matrix([[1, 0.56, 0.48], [0.56, 1, 0.42], [0.48, 0.42, 1]], 300)
    >>> internal_consistency(matrix).sentence("all")
    'All items: alpha 0.74 (95% CI 0.68 to 0.79), omega 0.74 (95% CI 0.69 to 0.79); 3 items, n = 300. Alpha falls short of 0.8; about 5 items like these would.'
    """
    check_between("level", level, 0, 1)
    check_between("wanted", wanted, 0, 1)
    if group_factors != 0 and not group_factors >= 3:
        raise SpecError(
            f"group_factors={group_factors!r} must be 3 or more, or 0: two factors do not tell what is general."
        )
    battery = battery_of(responses, of=of, by=by, missing=missing, taken=_TAKEN)
    chosen = battery.interval(interval)
    spreads = battery.spreads(_AlphaOmega(), chosen)
    latent = battery.matrix is not None and battery.matrix.kind == "polychoric"
    ordered = ordered_rows(battery, responses, [lone for _, lone in spreads]) if categorical or latent else None
    lines = [_line(battery, each, spread, lone, chosen, level, wanted, group_factors)
             for each, (spread, lone) in zip(battery.summaries, spreads, strict=True)]  # fmt: skip
    lines = (
        lines
        if ordered is None
        else [_with_ordered(line, row, level) for line, row in zip(lines, ordered, strict=True)]
    )
    return Consistency(pd.DataFrame(lines), battery.language, level=level, interval=chosen, by=battery.by,
                       remarks=(*battery.remarks, *battery.narrow(spreads, chosen), *([LATENT] if latent else [])), cautious=battery.cautious,
                       by_columns=battery.by_columns, of=battery.of, words=battery.words, wanted=wanted,
                       group_factors=group_factors)  # fmt: skip


@dataclass(frozen=True)
class _AlphaOmega:
    """Alpha and omega as functions of a covariance."""

    def values(self, covariance: Array) -> Array:
        """(..., 2)"""
        return np.stack([alpha(covariance), omega(covariance)], axis=-1)

    def slopes(self, covariance: Array) -> Array:
        """(2, k, k)"""
        out = np.full((2, *covariance.shape), np.nan)
        if np.isfinite(alpha(covariance)):
            out[0] = alpha_slope(covariance)
        fitted = one_factor(covariance)
        if fitted.proper:
            out[1] = omega_slope(fitted, covariance)
        return out


def _line(
    battery: Battery, each: Summary, spread: Spread, lone: str, interval: Interval, level: float, wanted: float,
    group_factors: int,
) -> dict[str, Any]:  # fmt: skip
    """One row: every coefficient of one set in one group."""
    covariance, usable = each.covariance, each.n > each.k
    values = _AlphaOmega().values(covariance)
    values[1] = values[1] if usable else np.nan
    low, high = _bounds(values, each, spread, interval, level)
    se = np.where(np.isfinite(values) & (spread.df > 0), spread.se, np.nan)
    latent = battery.matrix is not None and battery.matrix.kind == "polychoric"
    if latent:
        se, low, high = (np.full(2, np.nan) for _ in range(3))
    general = hierarchy(covariance, group_factors) if each.set.id == ALL and usable else None
    reasons = _reasons(each, values, spread, se, low, lone, latent)
    if each.set.id == ALL and usable and general is None and 0 < 3 * group_factors <= each.k:
        reasons.append("no general")
    return {
        **dict(zip(battery.by, each.group, strict=True)),
        "scale": each.set.id, "k": each.k, "n": each.n, "n_dropped": each.n_dropped,
        "alpha": float(values[0]), "alpha_se": se[0], "alpha_low": low[0], "alpha_high": high[0],
        "omega": float(values[1]), "omega_se": se[1], "omega_low": low[1], "omega_high": high[1],
        "df": float(spread.df[0]),
        "omega_hierarchical": np.nan if general is None else general.omega_hierarchical,
        "omega_total": np.nan if general is None else general.omega_total,
        "alpha_standardized": float(standardized_alpha(covariance)),
        "lambda6": float(lambda6(covariance)) if usable else np.nan,
        "split_half": float(greatest_split_half(covariance)),
        "mean_r": float(mean_correlation(covariance)),
        "items_needed": float(np.ceil(items_needed(values[0], each.k, wanted) - _EXACT)),
        **({"reliability_difference": _of_difference(each)} if battery.of == "gap" else {}),
        "reason": ", ".join(reasons),
    }  # fmt: skip


def _with_ordered(line: dict[str, Any], row: OrderedRow, level: float) -> dict[str, Any]:
    """The row with categorical omega, its interval for ``log(1 − value)``, and why there is none."""
    rest = 1 - row.value
    below, above = t_interval(np.log(np.array(rest)), np.array(row.se / rest), np.array(row.df), level)
    reasons = [part for part in (line["reason"], row.reason) if part]
    return {**line, "omega_categorical": row.value, "omega_categorical_se": row.se,
            "omega_categorical_low": float(1 - np.exp(above)), "omega_categorical_high": float(1 - np.exp(below)),
            "reason": ", ".join(reasons)}  # fmt: skip


def _bounds(values: Array, each: Summary, spread: Spread, interval: Interval, level: float) -> tuple[Array, Array]:
    """(2,) bounds of alpha and omega: quantiles of replicates, else for ``log(1 − value)``; alpha's by Feldt's F."""
    if spread.replicates is not None:
        low, high = spread.bounds(values, level)
    else:
        open_ = np.isfinite(values) & (values < 1 - _EXACT) & (spread.df > 0)
        rest = np.where(open_, 1 - values, 1.0)
        below, above = t_interval(np.log(rest), np.where(open_, spread.se, np.nan) / rest, spread.df, level)
        low, high = 1 - np.exp(above), 1 - np.exp(below)
    if isinstance(interval, NormalTheory) and each.n > 1 and each.k > 1:
        low[0], high[0] = feldt_interval(values[0], each.n, each.k, level)
    undefined = ~np.isfinite(values) | ~np.isfinite(spread.se)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _reasons(
    each: Summary, values: Array, spread: Spread, se: Array, low: Array, lone: str, latent: bool
) -> list[str]:  # fmt: skip
    """Why numbers of a row are missing, or how they must be read; the first that explains it all stands alone."""
    covariance = each.covariance
    if each.n < 2:
        return ["one answer" if each.n == 1 else nobody(each)]
    if not np.isfinite(covariance).all():
        return ["no pair"]
    if each.k < 2:
        return ["one item"]
    found = ["constant"] if (np.diag(covariance) <= 0).any() else []
    if each.n <= each.k:
        found.append("few")
    elif not found and not is_definite(covariance):
        found.append("singular")
    elif each.k == 2:
        found.append("two items")
    elif not found:
        fitted = one_factor(covariance)
        found += [] if fitted.proper else ["heywood"] if fitted.found else ["not converged"]
    if not values[0] > 0:
        found.append("negative")
    if latent:
        found.append("polychoric")
    elif not spread.df[0] > 0:
        found.append("no df")
    elif np.isfinite(values[0]) and np.isnan(se[0]):
        found.append("empty replicates")
    elif np.isfinite(values[0]) and np.isnan(low[0]):
        found.append("exact")
    elif np.isfinite(values[1]) and np.isnan(se[1]) and "heywood" not in found:
        found.append("unstable")
    return [*found, lone] if lone else found


def _of_difference(each: Summary) -> float:
    """Reliability of perception minus expectation, from both forms' alphas, spreads and their correlation."""
    if each.forms is None or each.k < 2:
        return float("nan")
    k = each.k
    p, e, shared = each.forms[:k, :k], each.forms[k:, k:], each.forms[:k, k:].sum()
    sd_p, sd_e = np.sqrt(p.sum()), np.sqrt(e.sum())
    if not sd_p * sd_e > 0:
        return float("nan")
    return difference_reliability(
        float(alpha(e)), float(alpha(p)), float(shared / (sd_p * sd_e)), float(sd_e), float(sd_p)
    )
