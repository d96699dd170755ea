"""Which means and covariances do incomplete answers speak for, and do they speak of all of them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from servqual.cfa.patterns import Patterns, SaturatedFit, fit_saturated, group_rows
from servqual.cfa.rows import rows_of_items
from servqual.correlations import OF_WORDS, ItemMatrix, Of, side_of
from servqual.responses import Responses
from survey_design.errors import DataError
from survey_design.results import Text, say, spaced

_SAME = 1 - 1e-6  # correlation from which two items are one
_COVERED = 0.10  # share of rows that should have answered a pair (lavaan's and Mplus's line)
_MOST_NAMED = 6


@dataclass(frozen=True, eq=False, repr=False)
class EstimatedMatrix(ItemMatrix):
    """Means and covariances of which every answer says what it can: those under which all answers are the most likely.

    ``n`` counts respondents with any answer, ``n_pairs`` those who answered both items; ``n_dropped`` had no answer at all.

    Attributes
    ----------
    patterns : the rows by what was answered
    saturated : means and covariances with divisor n, and their likelihood
    """

    patterns: Patterns = field(kw_only=True)
    saturated: SaturatedFit = field(kw_only=True)

    def sentence(self, language: str | None = None) -> str:
        """Form, base, how much is missing and what is assumed, in one sentence."""
        language = language or self.language
        of, count, lacking = say(OF_WORDS[self.of], language), len(self.patterns.n), self.patterns.share_missing
        if language == "zh":
            weighted = "，加权" if self.weighted else ""
            return (f"{spaced(f'{of}的均值与协方差')}由全部回答估计（EM）：样本量 {self.n:,}（至少答一题者），缺失模式 {count:,} 种，缺失 {lacking:.1%} "
                    f"的回答，未使用 {self.n_dropped:,} 人{weighted}；假定随机缺失（MAR：是否缺失可取决于已作的回答，但不取决于缺失值本身）且"
                    "回答服从正态。")  # fmt: skip
        weighted = ", weighted" if self.weighted else ""
        return (f"Means and covariances of {of} from every answer given (EM): n = {self.n:,} with any answer, {count:,} "
                f"pattern{'s' * (count != 1)} of missing answers, {lacking:.1%} of answers missing, {self.n_dropped:,} not "
                f"used{weighted}. Assumed: answers are missing at random (MAR: whether one is missing may depend on the answers "
                "given, not on itself) and normal.")  # fmt: skip


def estimated_matrix(responses: Responses, of: Of, items: Sequence[str] | None) -> EstimatedMatrix:
    """Means and covariances by EM, from one pass; refused with the cause where there are none."""
    side = side_of(responses, of)
    chosen = side.instrument.items if items is None else tuple(side.instrument.item(name) for name in items)
    names = tuple(item.id for item in chosen)
    patterns = group_rows(rows_of_items(responses, of, names))
    _check_items(patterns, names)
    saturated = fit_saturated(patterns)
    _check_found(patterns, saturated, names)
    n = patterns.total
    low, high = float(side.instrument.scale.low), float(side.instrument.scale.high)
    return EstimatedMatrix(
        names, tuple(item.label for item in chosen), tuple(item.dimension for item in chosen), of, saturated.mean,
        saturated.covariance * n / (n - 1), n, patterns.n_pairs, n_dropped=patterns.unanswered, missing="pairwise",
        weighted=side.design.weight is not None, remarks=_remarks(patterns, names), patterns=patterns, saturated=saturated,
        scale=(low - high, high - low) if of == "gap" else (low, high), language=side.language,
        dimension_labels={dimension.id: dimension.label for dimension in side.instrument.dimensions},
    )  # fmt: skip


def _check_items(patterns: Patterns, names: Sequence[str]) -> None:
    """Refuse items without two different answers, and fewer respondents than items."""
    n = patterns.n_pairs.diagonal() if len(patterns.n) else np.zeros(len(names))
    variance = patterns.item_moments[1] if len(patterns.n) else np.zeros(len(names))
    bad = [(name, int(count), "no answer" if not count else "no variance")
           for name, count, spread in zip(names, n, variance, strict=True) if spread <= 0]  # fmt: skip
    if bad:
        told = "; ".join(f"{name} ({problem}, n = {count:,})" for name, count, problem in bad[:_MOST_NAMED])
        raise DataError(
            f"No factor model can be fitted: items without two different answers: {told}. Leave them out of the model.",
            pd.DataFrame(bad, columns=["item", "n", "problem"]),
        )
    if patterns.total <= len(names):
        raise DataError(
            f"No factor model can be fitted: {patterns.total:,} respondents answered any of {len(names)} items; there must be more "
            "respondents than items."
        )


def _check_found(patterns: Patterns, saturated: SaturatedFit, names: Sequence[str]) -> None:
    """Refuse answers under which no covariances are the most likely, naming the pairs at fault."""
    if saturated.converged:
        return
    sd = np.sqrt(saturated.covariance.diagonal())
    r = np.abs(saturated.covariance / np.outer(sd, sd))
    pairs = _pairs(patterns, names)
    twins = [(a, b, n, "repeat each other") for (a, b, n) in pairs if r[names.index(a), names.index(b)] >= _SAME]
    few = [
        (*pair, "answered together by few") for pair in sorted(pairs, key=lambda pair: pair[2]) if pair[2] <= len(names)
    ]
    cases = pd.DataFrame((twins or few)[:_MOST_NAMED], columns=["row", "column", "n", "problem"])
    told = "; ".join(f"{a} and {b} (n = {n:,})" for a, b, n, _ in (twins or few)[:_MOST_NAMED])
    cause = (f"items correlate perfectly: {told}. Leave one of each pair out" if twins else
             f"these pairs were answered together by few: {told}. Leave some of these items out" if few else
             "some sum of items has no variance. Leave out items that follow from others")  # fmt: skip
    raise DataError(f"No factor model can be fitted: the answers fit no covariances best, because {cause}.", cases)


def _remarks(patterns: Patterns, names: Sequence[str]) -> tuple[Text, ...]:
    """Pairs of items of which the answers say little, or nothing."""
    pairs, said = _pairs(patterns, names), list[Text]()
    unknown = [f"{a}–{b}" for a, b, n in pairs if n == 0]
    few = [f"{a}–{b}" for a, b, n in pairs if 0 < n < _COVERED * patterns.total]
    if unknown:
        said.append({
            "en": f"nobody answered both items of {_counted(unknown, 'pair')} ({_listed(unknown)}): how these covary is not in the "
            "likelihood, follows from the model alone, and is not counted in the degrees of freedom",
            "zh": f"{len(unknown)} 对题项无人同时作答（{_listed(unknown, '、')}）：其协方差不在似然中，只由模型推出，也不计入自由度",
        })  # fmt: skip
    if few:
        said.append({
            "en": f"{_counted(few, 'pair')} of items {'was' if len(few) == 1 else 'were'} answered together by under "
            f"{_COVERED:.0%} of respondents ({_listed(few)})",
            "zh": f"{len(few)} 对题项同时作答者不足 {_COVERED:.0%}（{_listed(few, '、')}）",
        })  # fmt: skip
    return tuple(said)


def _pairs(patterns: Patterns, names: Sequence[str]) -> list[tuple[str, str, int]]:
    """Every two items and how many answered both."""
    counts = patterns.n_pairs
    return [(a, names[j], int(counts[i, j])) for i, a in enumerate(names) for j in range(i + 1, len(names))]


def _counted(pairs: Sequence[str], noun: str) -> str:
    return f"{len(pairs)} {noun}{'s' * (len(pairs) != 1)}"


def _listed(pairs: Sequence[str], between: str = ", ") -> str:
    return between.join(pairs[:_MOST_NAMED]) + ("…" if len(pairs) > _MOST_NAMED else "")
