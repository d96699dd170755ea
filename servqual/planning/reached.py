"""What does a plan reach as it was drawn? The precision of each size under the plan's own quotas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from survey_design.results import Column, Result, Text, say

if TYPE_CHECKING:
    from survey_design.size import SampleSize

_ASKED: Mapping[str, Text] = {
    "gap": {"en": "mean gap", "zh": "平均差距"},
    "mean": {"en": "mean", "zh": "均值"},
    "share": {"en": "share", "zh": "比例"},
    "comparison": {"en": "difference of two groups", "zh": "两组之差"},
}
_MEASURES: Mapping[str, Text] = {"margin": {"en": "margin ±", "zh": "误差 ±"}, "power": {"en": "power", "zh": "功效"}}
_REASONS: Mapping[str, Text] = {"not reached": {"en": "not reached", "zh": "未达到"}}
_WORDS: Mapping[str, Text] = {
    "title": {"en": "What this plan reaches, as drawn", "zh": "本计划（按实际抽样与配额）达到的精度"},
    "said": {"en": "At {level} confidence this plan, as drawn, achieves {each}; design effect {deff} from its own quotas: "
                   "{mean} interviews per store on average, cv {cv}{icc}.",
             "zh": "在 {level} 置信水平下，本计划按实际抽样与配额可达到：{each}；设计效应 {deff}，由各店配额算出：每店平均 {mean} 份，变异系数 {cv}{icc}。"},
    "icc": {"en": ", likeness within stores (icc) {icc:g}", "zh": "，店内相关系数（icc）{icc:g}"},
    "each": {"en": "{reached} for a {what} (asked for {wanted})", "zh": "{what} {reached}（要求 {wanted}）"},
    "note": {"en": "Design effect 1 + (m (1 + cv²) − 1) icc over the quotas; it counts for interviews in stores alone. "
                   ""
                   "Stores that are certain to be drawn count like the others, which is on the safe side; unequal weights are "
                   "not counted, and widen the intervals further.",
             "zh": "设计效应 = 1 +（m (1 + cv²) − 1）icc，按各店配额计算，只作用于店内访问。必然入样的门店与其他门店同样计算，结果偏于保守；未计入权数不等的影响，实际区间会更宽。"},
    "given": {"en": "Design effect as given in [plan.size], or 1. Unequal weights are not in it: they widen the intervals further.",
              "zh": "设计效应取 [plan.size] 所给的值，未给时为 1；未计入权数不等的影响，实际区间会更宽。"},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Reached(Result):
    """What each size that was asked for reaches under the plan's own quotas.

    Frame columns: ``asked, measure, wanted, reached, n, n_elsewhere, deff, reason``: ``n`` interviews in stores,
    ``n_elsewhere`` interviews with other people about what they expect, ``deff`` the design effect of those in stores;
    ``reason`` is "not reached" where the plan falls short.

    Attributes
    ----------
    quotas : interviews of each store
    icc : how alike customers of one store are taken to be; None where the design effect was given as a number
    sizes : the sizes that were asked for
    """

    quotas: tuple[int, ...] = ()
    icc: float | None = None
    sizes: Mapping[str, SampleSize] | None = None

    @property
    def missed(self) -> list[str]:
        """The sizes that the plan doesn't reach."""
        return [str(name) for name in self.frame.loc[self.frame["reason"] != "", "asked"]]

    def title(self) -> str:
        return say(_WORDS["title"], self.language)

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("asked", {"en": "estimated", "zh": "估计对象"}, words=_ASKED),
            Column("measure", {"en": "measure", "zh": "指标"}, words=_MEASURES),
            Column("wanted", {"en": "asked for", "zh": "要求"}, "number", decimals=3),
            Column("reached", {"en": "achieved", "zh": "达到"}, "number", decimals=3),
            Column("n", {"en": "interviews in stores", "zh": "店内访问数"}, "count"),
            Column("n_elsewhere", {"en": "interviews elsewhere", "zh": "店外访问数"}, "count"),
            Column("deff", {"en": "design effect in stores", "zh": "店内设计效应"}, "number"),
            Column("reason", {"en": "remark", "zh": "说明"}, words=_REASONS),
        )

    def sentence(self) -> str:
        """What is achieved, and by which design effect, in one sentence."""
        sizes, zh = self.sizes or {}, self.language == "zh"
        power = " 功效" if zh else " power"
        rows = zip(self.frame["asked"], self.frame["measure"], self.frame["wanted"], self.frame["reached"], strict=True)
        said = [
            say(_WORDS["each"], self.language).format(
                what=say(_ASKED[asked], self.language),
                reached=sizes[asked].goal.show(got, self.language) + power * (measure == "power"),
                wanted=sizes[asked].goal.show(wanted, self.language),
            )
            for asked, measure, wanted, got in rows
        ]
        level = next(iter(sizes.values())).goal.level
        likeness = "" if self.icc is None else say(_WORDS["icc"], self.language).format(icc=self.icc)
        deffs = sorted({f"{deff:.2f}" for deff in self.frame["deff"]})
        return say(_WORDS["said"], self.language).format(
            each=("；" if zh else "; ").join(said), level=f"{100 * level:g}%", deff="–".join(deffs),
            mean=f"{np.mean(self.quotas):.1f}", cv=f"{spread_of(self.quotas):.2f}", icc=likeness,
        )  # fmt: skip

    def note(self) -> str:
        return say(_WORDS["given" if self.icc is None else "note"], self.language)


def spread_of(quotas: Sequence[int]) -> float:
    """The coefficient of variation of the interviews per store.

    >>> spread_of([10, 10]), spread_of([5, 15])
    (0.0, 0.5)
    """
    return float(np.std(quotas) / np.mean(quotas))


def gap_deff(sd_e: float, sd_p: float, ratio: float, *, deff: float) -> float:
    """The design effect of a gap whose perceptions alone are asked in stores.

    ``(sd_e² + deff sd_p²/ratio) / (sd_e² + sd_p²/ratio)``, since the variance of the gap of two independent samples is
    ``sd_e²/n_e + deff sd_p²/n_p`` with ``n_p = ratio n_e``.

    >>> gap_deff(1.0, 1.0, 1.0, deff=3.0)
    2.0
    """
    e, p = sd_e**2, sd_p**2 / ratio
    return (e + deff * p) / (e + p)


def reached(
    sizes: Mapping[str, SampleSize],
    asked: Mapping[str, Mapping[str, Any]],
    quotas: Sequence[int],
    elsewhere: int | None,
    icc: float | None,
) -> Reached:
    """What sizes reach with the interviews that stores are to give.

    Parameters
    ----------
    sizes : name → ledger; ``asked`` has the arguments it was made from
    quotas : interviews of each store
    elsewhere : interviews with other people about what they expect, for a gap of two samples
    icc : how alike customers of one store are; None takes the design effect of each ledger as it is

    Examples
    --------
    >>> from survey_design.size import size_for_proportion
    >>> size = size_for_proportion(0.5, 0.05, deff=1.95)
    >>> found = reached({"share": size}, {"share": {}}, [10, 30] * 20, None, 0.05)
    >>> round(float(found.frame["deff"][0]), 3), found.missed
    (2.2, ['share'])
    >>> found.sentence()
    'At 95% confidence this plan, as drawn, achieves ±5.14 percentage points for a share (asked for ±5 percentage points); ...'
    """
    rows = []
    for name, size in sizes.items():
        deff = size.deff if icc is None else _quota_deff(quotas, icc)
        others = elsewhere if "expectation" in _groups(size) and "sd_e" in asked[name] else None
        got = _reach(size, asked[name], int(sum(quotas)), others, deff)
        met = size.goal.is_met(got) or bool(np.isclose(got, size.goal.target, rtol=1e-9))
        rows.append((name, size.goal.measure, size.goal.target, got, int(sum(quotas)), others, deff, "" if met else "not reached"))  # fmt: skip
    names = ["asked", "measure", "wanted", "reached", "n", "n_elsewhere", "deff", "reason"]
    frame = pd.DataFrame(rows, columns=names)
    return Reached(frame, quotas=tuple(int(n) for n in quotas), icc=icc, sizes=dict(sizes))


def _quota_deff(quotas: Sequence[int], icc: float) -> float:
    from survey_design.size import design_effect

    return design_effect(float(np.mean(quotas)), icc, cv=spread_of(quotas))


def _groups(size: SampleSize) -> set[str]:
    return {say(name, "en") for name, _ in size.goal.groups}


def _reach(size: SampleSize, asked: Mapping[str, Any], n: int, others: int | None, deff: float) -> float:
    """The margin or power of n interviews in stores and, for a gap of two samples, of others elsewhere."""
    from survey_design.size.ledger import effective_n

    total = n
    if others is not None:
        total, whole = n + others, dict(zip(("e", "p"), (share for _, share in size.goal.groups), strict=True))
        shared = asked["sd_e"] ** 2 / whole["e"] + asked["sd_p"] ** 2 / whole["p"]
        deff = total * (asked["sd_e"] ** 2 / others + deff * asked["sd_p"] ** 2 / n) / shared
    worth = effective_n(total, population=size.population, deff=deff, finite=size.goal.finite)
    return float(size.goal.reach(worth, total))
