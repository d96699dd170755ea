"""What must be said beside a table? Its base, who was compared with whom, and whom it speaks about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.inference import NARROW, Interval, Spread, Student, complete_strata, is_narrow, kish_deff
from servqual.measures import Basis, Missing, Row
from servqual.replicates import Bootstrap
from servqual.responses import Responses
from survey_design.results import Text, say
from survey_design.sampling.design import error_stratum_words

Array = NDArray[Any]

MOST_MISSED = 0.001  # distance from calibrated totals that is passed over in silence
FEW_FOR_PERCENTILES = 20  # degrees of freedom under which quantiles of replicates do the same (docs/coverage.md)
_MOST_NAMED = 6

_FORM_WORDS: Mapping[str, Text] = {
    "P": {"en": "(perceptions)", "zh": "（感知）"},
    "E": {"en": "(expectations)", "zh": "（期望）"},
}


def base_remark(
    responses: Responses, rows: Sequence[Row], missing: Missing | None = None, *, paired: bool = False
) -> Text:
    """What happens to missing answers, answers used per row, rows kept and dropped."""
    rule = missing or Missing()
    used = np.concatenate([row.n_perception for row in rows]).astype(int)
    per_row = f"{used.min():,}" if used.min() == used.max() else f"{used.min():,}–{used.max():,}"
    kept = kept_remark(*responses.sides)
    return {language: f"{rule.sentence(language, paired=paired)}{rest}{kept[language]}" for language, rest in (
        ("en", f", n per row {per_row}; "), ("zh", f"，每行样本量 {per_row}；"))}  # fmt: skip


def pairing_remark(responses: Responses, basis: Basis, fixed: bool) -> Text:
    """Who was compared with whom."""
    if fixed:
        return {"en": "against fixed expected levels, which carry no error", "zh": "以固定期望水平为基准，基准无误差"}
    if responses.pairing == "paired":
        return {"en": "paired: the same respondents answered both forms", "zh": "配对：同一受访者回答两份问卷"}
    if basis.shared is None:
        return {
            "en": "independent samples: different people answered the two forms",
            "zh": "独立样本：两份问卷由不同的人回答",
        }
    side = {"E": ("expectations", "期望"), "P": ("perceptions", "感知")}[basis.shared]
    split, how = {}, {"en": "overall", "zh": "总体值"}
    for language, glue in (("en", ", "), ("zh", "、")):
        split[language] = glue.join(responses.column_of(name).heading(language) for name in basis.by)
    if basis.match:
        column = responses.column_of(basis.match)
        how = {"en": f"matched by {column.heading('en')}", "zh": f"按{column.heading('zh')}匹配的值"}
    return {
        "en": f"independent samples; {side[0]} have no {split['en']}: their value, {how['en']}, serves every row, "
        "and its error is shared between rows",
        "zh": f"独立样本；{side[1]}数据无{split['zh']}：以{how['zh']}用于每一行，其误差为各行共有",
    }


def design_remarks(
    responses: Responses, basis: Basis, spreads: Sequence[tuple[Spread, bool]], interval: Interval | None = None
) -> tuple[Text, ...]:
    """Whom the table speaks about, and what the design does to its errors."""
    remarks = _target_remarks(responses, basis, spreads)
    pairs = zip(basis.labels, spreads, strict=True)
    remarks += narrow_remarks(
        responses, basis, [((label,), spread) for label, (spread, lone) in pairs if not lone], interval
    )
    lonely = sorted({name for spread, _ in spreads for name in spread.lonely})
    if lonely:
        listed = strata_words(responses, lonely)
        remarks.append({
            "en": f"single-cluster strata ({listed['en']}) show no spread of their own: their deviation from the overall mean stands in",
            "zh": f"仅含一个群的层（{listed['zh']}）本身无法显示差异，以其与总体均值之差代替",
        })  # fmt: skip
    if basis.moments.weighted:
        files = sorted({(basis.sources[letter], letter) for letter in basis.sources}, reverse=True)
        named = {source: _FORM_WORDS[letter] for source, letter in files} if len(responses.sides) > 1 else {0: {}}
        kish = {source: f"{kish_deff(basis.moments, source=source):.2f}" for source in sorted(named)}
        both = {language: glue.join(f"{value}{space}{say(named[source], language)}".strip() for source, value in kish.items())
                for language, glue, space in (("en", ", ", " "), ("zh", "、", ""))}  # fmt: skip
        remarks.append({"en": f"unequal weights alone: Kish deff {both['en']}",
                        "zh": f"仅由不等权引起的 Kish 设计效应 {both['zh']}"})  # fmt: skip
    missed = basis.margins_missed([side.design for side in responses.sides])
    if missed > MOST_MISSED:
        remarks.append({"en": f"the rows used miss the totals that weights were calibrated to by up to {100 * missed:.2g}%: calibrate "
                        "the weights on the rows kept",
                        "zh": f"所用各行与权数校准目标的偏差最大达 {100 * missed:.2g}%，请在保留的行上重新校准权数"})  # fmt: skip
    remarks.append({"en": "deff against simple random samples of the same size, with replacement",
                    "zh": "设计效应以同样本量的放回简单随机抽样为参照"})  # fmt: skip
    return tuple(remarks)


def narrow_remarks(
    responses: Responses,
    basis: Basis,
    rows: Sequence[tuple[Sequence[tuple[Any, ...]], Spread]],
    interval: Interval | None,
) -> list[Text]:
    """Which intervals are too narrow, as simulation shows: few clusters carry the weight, or quantiles of few clusters.

    ``rows`` are one label for a row, two for a comparison, with their spread.
    """
    if isinstance(interval, Student):
        return []  # says itself that clusters are not counted
    percentile = isinstance(interval, Bootstrap) and interval.percentile
    remarks: list[Text] = []
    narrow = [labels for labels, spread in rows if is_narrow(basis.moments, basis.sides(labels), spread.df)]
    if narrow:
        remarks.append({language: text.format(rows=_rows_in_words(responses, basis, narrow, language))
                        for language, text in NARROW.items()})  # fmt: skip
    if percentile and any(0 < spread.df.min(initial=np.inf) < FEW_FOR_PERCENTILES for _, spread in rows):
        remarks.append({
            "en": f"percentile intervals from fewer than {FEW_FOR_PERCENTILES} degrees of freedom are too narrow: use Bootstrap() "
            "without percentile, or Taylor()",
            "zh": f"自由度不足 {FEW_FOR_PERCENTILES} 时分位数区间偏窄，请改用不带 percentile 的 Bootstrap() 或 Taylor()",
        })  # fmt: skip
    return remarks


def _rows_in_words(responses: Responses, basis: Basis, rows: Sequence[Sequence[tuple[Any, ...]]], language: str) -> str:
    """The rows or pairs of rows in brackets; nothing where the table has one row."""
    if not basis.by:
        return ""
    columns = [responses.column_of(name) for name in basis.by]
    glue = "、" if language == "zh" else ", "
    named = [
        " − ".join(
            " ".join(c.show(value, language) for c, value in zip(columns, label, strict=True)) for label in labels
        )
        for labels in rows[:_MOST_NAMED]
    ]
    more = len(rows) - len(named)
    rest = [] if not more else [f"另 {more} 行"] if language == "zh" else [f"{more} more"]
    return f"（{glue.join([*named, *rest])}）" if language == "zh" else f" ({glue.join([*named, *rest])})"


def kept_remark(*files: Responses) -> Text:
    """Rows kept and dropped when the answers were read, in words."""
    raw, kept = (sum(file.ledger.count(step) for file in files) for step in ("read", "kept"))
    return {
        "en": f"{kept:,} of {raw:,} rows kept, {raw - kept:,} dropped (see the ledger)",
        "zh": f"读入 {raw:,} 行，保留 {kept:,} 行，剔除 {raw - kept:,} 行（见台账）",
    }


def strata_words(responses: Responses, names: Sequence[str]) -> Text:
    """Strata in words: the value's label, and the file it belongs to where there are two."""
    forms = {"perception": _FORM_WORDS["P"], "expectation": _FORM_WORDS["E"]}
    listed: dict[str, list[str]] = {"en": [], "zh": []}
    for name in names:
        form = next((prefix for prefix in forms if name.startswith(prefix)), "")
        column, _, value = name.removeprefix(form).strip().partition("=")
        for language, words in listed.items():
            whole = "all" if language == "en" else "全部"
            label = _stratum_words(responses, column, value, language) if value else name.removeprefix(form).strip()
            space = " " if language == "en" else ""
            words.append(f"{label or whole}{space}{say(forms[form], language)}" if form else label or whole)
    return {"en": ", ".join(listed["en"]), "zh": "、".join(listed["zh"])}


def _stratum_words(responses: Responses, column: str, value: str, language: str) -> str:
    """A stratum's label; the draw's own words where it set certain units apart."""
    shown = responses.column_of(column).show(value, language)
    return error_stratum_words(shown, language) if column == "error_stratum" else shown


def _target_remarks(responses: Responses, basis: Basis, spreads: Sequence[tuple[Spread, bool]]) -> list[Text]:
    if all(lone for _, lone in spreads):
        if (basis.moments.cells["cluster"] == "").all():
            return []
        return [{"en": "each row is one cluster: its respondents are the units, by linearisation; other clusters are not spoken for",
                 "zh": "每行为单一的群：以受访者为单位（线性化），不能推论到其他群"}]  # fmt: skip
    whole, sampled = complete_strata(basis.moments)
    remarks: list[Text] = []
    if whole:
        listed = strata_words(responses, whole)
        remarks.append({"en": f"completely visited, so the statement is about these clusters: {listed['en']}",
                        "zh": f"已全部访问，结论仅针对这些群：{listed['zh']}"})  # fmt: skip
    if sampled:
        remarks.append({"en": "elsewhere about clusters like these" if whole else "about clusters like these, not only these",
                        "zh": "其余结论针对同类的群" if whole else "结论针对同类的群，而不仅是这些群"})  # fmt: skip
    return remarks
