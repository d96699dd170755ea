"""Do coders code alike? Krippendorff's alpha for every code and over all of them, and where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.agreement import agreement
from servqual.agreement.coefficients import krippendorff_alpha
from servqual.focus.statements import Statements, Unit
from survey_design.errors import DataError, SpecError, check_between
from survey_design.results import Column, Estimate, Result, Text, say

Array = NDArray[Any]

OVERALL = "overall"
RELIABLE, TENTATIVE = 0.8, 0.667  # Krippendorff's customary bounds
_NAN = float("nan")

VERDICTS: dict[str, Text] = {
    "reliable": {"en": "reliable", "zh": "可靠"},
    "tentative": {"en": "tentative conclusions only", "zh": "仅可作初步结论"},
    "open": {"en": "not settled: the interval reaches below", "zh": "未定：区间下限低于标准"},
    "few": {"en": "not settled: too few codings for an interval", "zh": "未定：编码过少，无法给出区间"},
    "low": {"en": "too low to rely on", "zh": "过低，不宜采用"},
    "never": {"en": "no coder gave it", "zh": "无人使用"},
    "one category": {"en": "no alpha: all said the same", "zh": "全部一致，无法计算 α"},
}


@dataclass(frozen=True, eq=False, repr=False)
class CoderAgreement(Result):
    """Agreement of coders on whether a theme applies. Frame columns: ``theme`` ("overall" first), ``n`` (statements that two coders
    or more coded), ``given`` (codings that say yes), ``agreed`` (share of pairs of coders who agree), ``alpha, low, high, ac1,
    verdict``.

    Attributes
    ----------
    apart : the disagreements, a row per statement and theme
    """

    statements: Statements = None  # type: ignore[assignment]
    of: Unit = "code"
    level: float = 0.95
    replicates: int = 2000
    seed: int = 0
    apart: pd.DataFrame = None  # type: ignore[assignment]

    def title(self) -> str:
        return "编码员一致性" if self.language == "zh" else "Agreement between coders"

    def columns(self) -> tuple[Column, ...]:
        words = {**self.statements.code_frame.words(), OVERALL: {"en": "all codes together", "zh": "全部编码"}}
        return (
            Column("theme", {"en": "code", "zh": "编码"}, "text", words),
            Column("n", {"en": "statements", "zh": "语句数"}, "count"),
            Column("given", {"en": "given", "zh": "使用次数"}, "count"),
            Column("agreed", {"en": "pairs that agree", "zh": "一致比例"}, "share"),
            Column("alpha", {"en": "alpha", "zh": "α"}, "number"),
            Column("low", {"en": "low", "zh": "下限"}, "number"),
            Column("high", {"en": "high", "zh": "上限"}, "number"),
            Column("ac1", {"en": "AC1", "zh": "AC1"}, "number"),
            Column("verdict", {"en": "verdict", "zh": "判断"}, "text", VERDICTS),
        )

    def note(self) -> str:
        percent, reps = f"{100 * self.level:g}%", f"{self.replicates:,}"
        if self.language == "zh":
            return (f"Krippendorff α（名义尺度：该编码是否适用）；{percent} 区间来自整条语句的 {reps} 次自助抽样（种子 {self.seed}）。"
                    f"“全部编码”为各编码观察不一致之和与期望不一致之和之比。α 不低于 {RELIABLE} 可靠，{TENTATIVE} 至 {RELIABLE} 仅可作初步结论；"
                    "罕用编码的 α 偏低，请同时参看 AC1。")  # fmt: skip
        return (f"Krippendorff's alpha, nominal: does the code apply. {percent} intervals from {reps} bootstrap samples of whole "
                f"statements (seed {self.seed}). All together: observed disagreements over expected ones, summed over codes. Alpha of "
                f"{RELIABLE} or more is reliable, {TENTATIVE} to {RELIABLE} allows tentative conclusions; rare codes have low alphas: "
                "look at AC1 beside it.")  # fmt: skip

    def estimate(self, theme: str = OVERALL) -> Estimate:
        """The alpha of one code, or of all together."""
        row = next((row for row in self.frame.to_dict("records") if row["theme"] == theme), None)
        if row is None:
            raise SpecError(f"no row '{theme}'. There are: {', '.join(self.frame['theme'])}.")
        return Estimate(
            row["alpha"], _NAN, row["low"], row["high"], int(row["n"]), _NAN, self.level, method="bootstrap"
        )

    def sentence(self) -> str:
        """All codes together, and the weakest ones."""
        zh, shown = self.language == "zh", self.estimate()
        verdict = say(VERDICTS[str(self.frame["verdict"].iloc[0])], self.language)
        value = "–" if np.isnan(shown.value) else f"{shown.value:.2f}".replace("-", "−")
        weak = self.frame[(self.frame["theme"] != OVERALL) & (self.frame["alpha"] < TENTATIVE)].sort_values("alpha")
        words = self.statements.code_frame.words()
        named = [say(words[str(name)], self.language) for name in weak["theme"].head(3)]
        k = len(self.apart)
        if zh:
            tail = f"最需澄清定义的编码：{'、'.join(named)}。" if named else ""
            return f"全部编码 α = {value}（{shown.interval('zh')}，{shown.n} 条语句）：{verdict}；共 {k} 处分歧。{tail}"
        tail = f" To be defined more clearly first: {', '.join(named)}." if named else ""
        return (f"All codes: alpha {value} ({shown.interval()}, {shown.n} statements), {verdict}; {k} "
                f"disagreement{'s' * (k != 1)}.{tail}")  # fmt: skip

    def disagreements(self, n: int | None = 20) -> pd.DataFrame:
        """What coders should talk about: ``statement, session, theme, yes, no, text``; themes with the lowest alpha first."""
        return self.apart.copy() if n is None else self.apart.head(n).copy()


def coder_agreement(
    statements: Statements, *, of: Unit = "code", level: float = 0.95, replicates: int = 2000, seed: int = 0
) -> CoderAgreement:
    """Whether coders give the same codes, code by code and over all.

    Parameters
    ----------
    statements : Statements with two coders or more
    of : "code" or "dimension"
    level, replicates, seed : of the bootstrap, which draws whole statements

    Notes
    -----
    For each code the question is yes or no, and ``α = 1 − D_o/D_e`` as in :func:`servqual.agreement.agreement`. Over all codes
    ``α = 1 − Σ D_o/Σ D_e``: each code keeps its own chance agreement, where one alpha of all yes and no put together would
    take the different frequencies of codes for agreement.

    References
    ----------
    Bounds: Krippendorff (2004), Human Communication Research 30, 411-433, doi:10.1111/j.1468-2958.2004.tb00738.x. Krippendorff (2011), Computing Krippendorff's alpha-reliability. Hayes and Krippendorff (2007), doi:10.1080/19312450709336664.
    Checked against ``servqual.agreement`` (R and Krippendorff's example) and the definition written out
    (tests/test_focus.py).

    Raises
    ------
    DataError
        If there is one coder only, or no two coded two statements in common.

    Examples
    --------
    >>> from servqual.focus import read_statements
    >>> found = coder_agreement(read_statements("data/sample/statements.csv"), replicates=200)
    >>> found.frame["theme"].iloc[0], bool(0 < found.frame["alpha"].iloc[0] < 1)
    ('overall', True)
    """
    check_between("level", level, 0, 1)
    votes, judged = _votes(statements, of), statements.judged
    shared = judged.sum(axis=1) >= 2
    if len(statements.coders) < 2 or shared.sum() < 2:
        told = f"coders: {', '.join(statements.coders) or 'none'}"
        raise DataError(f"agreement needs two coders who coded two statements in common ({told}; {int(shared.sum())} statements in "
                        "common). Let a second person code a sample of the statements, blind to the first.")  # fmt: skip
    themes = statements.themes_of(of)
    rows = [_row(name, votes[shared, k], judged[shared], level, replicates, seed) for k, name in enumerate(themes)]
    counts = np.stack([np.stack([(judged & ~votes[:, k]).sum(axis=1), votes[:, k].sum(axis=1)], axis=1)[shared]
                       for k in range(len(themes))]).astype(float)  # fmt: skip
    overall = _overall(counts, rows, level, replicates, seed)
    frame = pd.DataFrame([overall, *rows])
    frame["verdict"] = [_verdict(row) for row in (overall, *rows)]
    apart = _apart(statements, votes, shared, themes, frame.set_index("theme")["alpha"].to_dict())
    return CoderAgreement(frame, statements.language, statements=statements, of=of, level=level, replicates=replicates, seed=seed,
                          apart=apart)  # fmt: skip


def _votes(statements: Statements, of: Unit) -> Array:
    """(n, themes, coders) who gave which theme."""
    if of == "code":
        return statements.votes
    return np.stack([statements.given(name, of)[0] for name in statements.coders], axis=2)


def _row(name: str, votes: Array, judged: Array, level: float, replicates: int, seed: int) -> dict[str, Any]:
    said = np.where(judged, votes.astype(float), np.nan)
    given = int(votes.sum())
    empty = dict.fromkeys(("alpha", "low", "high", "ac1"), _NAN)
    if not given:
        return {"theme": name, "n": len(votes), "given": 0, "agreed": 1.0, **empty}
    found = agreement(
        pd.DataFrame(said), scale="nominal", categories=(0.0, 1.0), level=level, replicates=replicates, seed=seed
    )
    values = found.frame[found.frame["category"] == ""].set_index("coefficient").to_dict("index")
    alpha, ac1 = values["alpha"], values.get("ac1", {"value": _NAN})
    return {"theme": name, "n": len(votes), "given": given, "agreed": float(values["agreement"]["value"]),
            "alpha": float(alpha["value"]), "low": float(alpha["low"]), "high": float(alpha["high"]),
            "ac1": float(ac1["value"])}  # fmt: skip


def _overall(counts: Array, rows: list[dict[str, Any]], level: float, replicates: int, seed: int) -> dict[str, Any]:
    """All codes together. counts: (themes, units, 2)."""
    parts = np.array([krippendorff_alpha(each, np.arange(2.0), "nominal")[1:] for each in counts])
    observed, expected = parts.sum(axis=0)
    alphas = pooled_replicates(counts, replicates, seed)
    usable = alphas[np.isfinite(alphas)]
    low, high = (
        np.quantile(usable, [(1 - level) / 2, (1 + level) / 2]) if len(usable) > 0.95 * replicates else (_NAN, _NAN)
    )
    return {"theme": OVERALL, "n": counts.shape[1], "given": sum(row["given"] for row in rows),
            "agreed": float(np.mean([row["agreed"] for row in rows])),
            "alpha": float(1 - observed / expected) if expected > 0 else _NAN, "low": float(low), "high": float(high),
            "ac1": _NAN}  # fmt: skip


def pooled_replicates(counts: Array, replicates: int, seed: int) -> Array:
    """(replicates,) alpha of all codes together, whole statements drawn with all their codes; nan where nothing is left to chance.

    Parameters
    ----------
    counts : (codes, statements, 2) how many coders said no and yes
    """
    generator, n = np.random.default_rng(seed), counts.shape[1]
    m = counts.sum(axis=2)
    within = (m**2 - (counts**2).sum(axis=2)) / (m - 1)
    drawn = generator.multinomial(n, np.full(n, 1 / n), size=replicates).astype(float)
    totals = np.einsum("rn,cnk->rck", drawn, counts)
    said = totals.sum(axis=2)
    observed = (drawn @ within.T / said).sum(axis=1)
    expected = ((said**2 - (totals**2).sum(axis=2)) / (said * (said - 1))).sum(axis=1)
    return np.asarray(1 - np.divide(observed, expected, out=np.full(replicates, np.nan), where=expected > 1e-12))


def _verdict(row: dict[str, Any]) -> str:
    """What the interval allows to be said: its lower bound must reach the mark."""
    if not row["given"]:
        return "never"
    alpha, low = row["alpha"], row["low"]
    if np.isnan(alpha):
        return "one category"
    if alpha < TENTATIVE:
        return "low"
    if np.isnan(low) or low == row["high"]:
        return "few"  # coders never differed, so that drawing again can't show how they might
    if low < TENTATIVE:
        return "open"
    return "reliable" if low >= RELIABLE else "tentative"


def _apart(
    statements: Statements, votes: Array, shared: Array, themes: list[str], alphas: dict[Any, Any]
) -> pd.DataFrame:
    """Where coders part, the weakest theme first."""
    yes, asked = votes.sum(axis=2), statements.judged.sum(axis=1)[:, None]
    row, theme = np.nonzero((yes > 0) & (yes < asked) & shared[:, None])
    coders = np.array(statements.coders, dtype=object)
    said = statements.frame
    lines = []
    for i, k in zip(row.tolist(), theme.tolist(), strict=True):
        who = votes[i, k]
        lines.append({
            "statement": said["statement"][i], "session": said["session"][i], "theme": themes[k],
            "yes": ", ".join(coders[who]), "no": ", ".join(coders[~who & statements.judged[i]]), "text": said["text"][i],
        })  # fmt: skip
    table = pd.DataFrame(lines, columns=["statement", "session", "theme", "yes", "no", "text"])
    order = table.assign(
        at=[alphas[name] for name in table["theme"]], k=table["theme"].map({n: k for k, n in enumerate(themes)})
    )
    return order.sort_values(["at", "k"], kind="stable", ignore_index=True).drop(columns=["at", "k"])
