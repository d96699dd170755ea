"""The three angles side by side, store by store; whether inspection and customers agree, and weights that would bring them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.report.document import Heading, Table
from servqual.report.parts import ROWS, Parts
from servqual.report.small_cells import Split, hidden_groups
from survey_design.results import Column, Result

if TYPE_CHECKING:
    from servqual.angles import ThreeAngles
    from servqual.store_agreement import StoreAgreement

_ANGLES = "servqual.angles.three_angles"
_STORES = "servqual.store_agreement.compare_store_scores"
_WEIGHTS = "servqual.index_weights.fit_index_weights"
_DRAWN = 80  # stores in one picture


def angles(parts: Parts) -> Iterator[Any]:
    """Expected, delivered, perceived."""
    found = parts.inspection
    if found is None:
        return
    if found.angles is None:
        yield parts.say("no angles")
        return
    table, hidden = shown_angles(parts)
    if table is None or table.frame.empty:
        yield parts.say("angles too few", minimum=parts.small.minimum)
        return
    yield parts.text(table.sentence(), parts.say("angles how"))
    if hidden:
        yield parts.say("angles left out", n=hidden, all=len(found.angles.frame), minimum=parts.small.minimum)
    order = table.frame.sort_values("perceived_delivered", kind="stable")[table.by]
    yield [table.sentence(store) for store in dict.fromkeys([order.iloc[0], order.iloc[-1]])]
    if len(table.frame) <= _DRAWN:
        yield parts.picture(table, parts.say("angles picture", title=table.title(), said=table.sentence()), _ANGLES)
    yield Table(table, _ANGLES, "three angles", rows=ROWS)
    yield Table(table.gaps(), _ANGLES, "gaps of the three angles", rows=ROWS)


def shown_angles(parts: Parts) -> tuple[ThreeAngles | None, int]:
    """The three angles without stores that have too few customers to be shown, and how many these are."""
    return parts.once("angles", lambda: _shown_angles(parts))


def _shown_angles(parts: Parts) -> tuple[ThreeAngles | None, int]:
    whole = None if parts.inspection is None else parts.inspection.angles
    if whole is None:
        return None, 0
    hidden = hidden_stores(parts, whole.frame.rename(columns={"n_perceived": "n"}), whole.by, whole.within)
    return whole.without(hidden), int(whole.frame[whole.by].isin(hidden).sum())


def shown_agreement(parts: Parts) -> tuple[StoreAgreement | None, int]:
    """Inspection against customers without such stores, and how many these are."""
    return parts.once("agreement", lambda: _shown_agreement(parts))


def _shown_agreement(parts: Parts) -> tuple[StoreAgreement | None, int]:
    found = parts.inspection
    if found is None or found.customers is None:
        return None, 0
    told = found.customers
    both = told[told["store"].isin(found.scores.visits.frame["store"])]
    hidden = hidden_stores(parts, both, "store", None) | {group[0] for group in parts.small.groups((found.by,))}
    return found.store_agreement(without=hidden), int(both["store"].isin(hidden).sum())


def hidden_stores(parts: Parts, frame: pd.DataFrame, by: str, within: str | None) -> set[Any]:
    """Stores with too few customers to be shown, and those from which they could be worked out."""
    cells = pd.DataFrame({by: frame[by].to_numpy(), "measure": "rating", "n": frame["n"].to_numpy(int)})
    if within:
        cells[within] = frame[within].astype(str).to_numpy()
    split = Split((by,), cells, ("n",), within=(within,) if within else ())
    return {group[0] for group in (*parts.small.groups((by,)), *hidden_groups([split], parts.small.minimum)[0])}


# --- inspection against customers --------------------------------------------------------------------------


class _Stores(Result):
    """Stores on both sides of the line, as :class:`servqual.store_agreement.StoreAgreement` has them."""

    def title(self) -> str:
        return "检查与客户的逐店对比" if self.language == "zh" else "Inspection and customers, store by store"

    def columns(self) -> tuple[Column, ...]:
        from servqual.store_agreement import QUADRANTS

        number: dict[str, Any] = {"kind": "number", "decimals": 1}
        return (
            Column("store", {"en": "store", "zh": "门店"}),
            Column("inspection", {"en": "inspection", "zh": "检查"}, **number),
            Column("n_inspection", {"en": "visits", "zh": "检查访问数"}, "count"),
            Column("rating", {"en": "customers", "zh": "客户"}, **number),
            Column("n_rating", {"en": "interviews", "zh": "访谈数"}, "count"),
            Column("difference", {"en": "difference", "zh": "差异"}, "signed", decimals=1),
            Column("quadrant", {"en": "where it stands", "zh": "所处区域"}, "text", QUADRANTS),
            Column("p_hidden", {"en": "P(green inside, red outside)", "zh": "检查达标而客户不满的概率"}, "share"),
        )


def inside_outside(parts: Parts) -> Iterator[Any]:
    """Green inside and red outside; and what inspections would weigh if customers had the say."""
    found = parts.inspection
    if found is None:
        return
    table, hidden = shown_agreement(parts)
    if table is None:
        yield parts.say("no store agreement")
        return
    yield parts.text(table.sentence(), parts.say("inside how"))
    if hidden:
        yield parts.say("angles left out", n=hidden, all=len(table.stores) + hidden, minimum=parts.small.minimum)
    yield parts.picture(table, parts.text(parts.say("inside picture", title=table.title()), table.sentence()), _STORES)
    listed = pd.concat([table.hidden(), table.reverse()])["store"]
    yield [table.sentence(store) for store in listed] or parts.say("none hidden")
    order = table.stores.sort_values("p_hidden", ascending=False, kind="stable").reset_index(drop=True)
    yield Table(_Stores(order, parts.language), _STORES, "inspection against customers", rows=20)
    yield Table(table, _STORES, "agreement with customers")
    yield from _weights(parts)


def _weights(parts: Parts) -> Iterator[Any]:
    """Weights fitted to customers, of all stores together."""
    found = parts.inspection
    if found is None or found.fitted is None:
        return
    fitted = found.fitted.in_language(parts.language)
    yield Heading(parts.say("fitted"))
    yield parts.text(fitted.sentence(), parts.say("fitted how"))
    yield parts.picture(
        fitted,
        parts.text(parts.say("fitted picture", title=fitted.title(), percent=parts.percent), fitted.sentence()),
        _WEIGHTS,
    )
    yield Table(fitted, _WEIGHTS, "fitted weights")
    yield Table(fitted.agreement, _WEIGHTS, "before and after the fit")
