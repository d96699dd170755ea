"""What did people answer? The share of every value of every item, and how many said that they don't know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.inference import (
    NUMBER_COLUMNS,
    Interval,
    Mean,
    choose_interval,
    estimate,
    logit_interval,
)
from servqual.instruments import Instrument
from servqual.measures import HEADINGS, NOT_STATED
from servqual.responses import Responses
from servqual.tabulation import Estimates, check_split, narrow_words, split_columns
from survey_design.errors import SpecError, check_between, check_columns
from survey_design.results import Column, Text, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

_MOST_VALUES = 11  # a scale with more steps is a measurement: its distribution is a histogram, not a list of shares
_KINDS: dict[str, tuple[str, ...]] = {
    "n_dont_know": ("don't know",),
    "n_blank": ("blank", "missing code"),
    "n_set_aside": ("off scale", "not a number"),
}
_OWN = (
    "item",
    "value",
    "share",
    "se",
    "low",
    "high",
    "count",
    "n",
    "df",
    "n_dont_know",
    "n_blank",
    "n_set_aside",
    "n_missing",
    "reason",
)
_FORMS: dict[str, Text] = {
    "perception": {"en": "perceptions", "zh": "感知"},
    "expectation": {"en": "expectations", "zh": "期望"},
    "minimum": {"en": "minimum levels", "zh": "最低水平"},
    "desired": {"en": "desired levels", "zh": "理想水平"},
}


@dataclass(frozen=True, eq=False, repr=False)
class Distribution(Estimates):
    """Shares of the values of every item, one row per item and value (and per group).

    Frame columns: the split columns, ``item, value, share, se, low, high, count, n, df, n_dont_know, n_blank,
    n_set_aside, n_missing, reason``. ``share`` is weighted and of the valid answers; ``count`` and ``n`` are
    respondents, unweighted. ``n_missing`` are all who gave no valid answer to the item; the three columns before it
    say why (nan where that is not known). Shares of an item add up to 1.
    """

    instrument: Instrument | None = None
    form: str = "perception"
    weighted: bool = False

    @property
    def kinds_known(self) -> bool:
        """True if it is known who said that they don't know and who left the item blank."""
        return bool(self.frame["n_dont_know"].notna().all())

    def title(self) -> str:
        form = say(_FORMS.get(self.form, self.form), self.language)
        en, zh = f"Distribution of answers by item ({form})", f"各题项的回答分布（{form}）"
        return self.titled({"en": en, "zh": zh})

    def words(self) -> dict[str, Text]:
        """Labels of the items."""
        return dict(self.instrument.words() if self.instrument else {})

    def columns(self) -> tuple[Column, ...]:
        missing = (
            Column("n_dont_know", {"en": "don't know", "zh": "不知道"}, "count"),
            Column("n_blank", {"en": "blank", "zh": "空白"}, "count"),
            Column("n_set_aside", {"en": "set aside", "zh": "已搁置"}, "count"),
        )
        return (
            *self.by_columns,
            Column("item", HEADINGS["item"], "text", self.words()),
            Column("value", {"en": "answer", "zh": "回答"}, "count"),
            Column("share", {"en": "share", "zh": "比例"}, "share"),
            *(Column(name, NUMBER_COLUMNS[name].label, "share") for name in ("low", "high")),
            Column("count", {"en": "answers", "zh": "回答数"}, "count"),
            NUMBER_COLUMNS["n"],
            *(missing if self.kinds_known else ()),
            Column("n_missing", {"en": "no valid answer", "zh": "无有效回答"}, "count"),
            *self.reasons(),
        )

    def note(self) -> str:
        if self.language == "zh":
            said = f"比例以有效回答为基数{'，已加权' if self.weighted else ''}；样本量为未加权的有效回答人数，“不知道”与空白不计入基数"
            said += "" if self.kinds_known else "；未能区分“不知道”与空白"
        else:
            said = f"{'Weighted shares' if self.weighted else 'Shares'} of the valid answers; n counts those who gave one, unweighted; "
            said += "don't know and blanks are outside the base"
            said += "" if self.kinds_known else "; which of them were don't know is not known"
        return self.noted(said, self.how({"en": " on the logit scale", "zh": "（logit 尺度）"}), *self.remarks)

    def sentence(self, item: str, **group: Any) -> str:
        """One item in words: how many answered below, at and above the middle of the scale, and who is outside the base."""
        rows, zh = self.find_all("item", item, group, "Items"), self.language == "zh"
        name, n = self.beside(say(self.words().get(item, item), self.language), rows.iloc[0]), int(rows["n"].iloc[0])
        if not n:
            return f"{name}：无人作答。" if zh else f"{name}: nobody answered."
        low, middle, high = (
            f"{share:.0%}" for share in sides(rows["value"].to_numpy(float), rows["share"].to_numpy(float))
        )
        centre = (rows["value"].min() + rows["value"].max()) / 2
        outside = self._outside(rows.iloc[0])
        if zh:
            inner = f"，{middle} 选中间值 {centre:g}" if centre % 1 == 0 else ""
            return f"{name}：{high} 的回答高于量表中点{inner}，{low} 低于中点（n = {n:,}{outside}）。"
        inner = f", {middle} at the middle ({centre:g})" if centre % 1 == 0 else ""
        return f"{name}: {high} of the answers lie above the middle of the scale{inner}, {low} below it (n = {n:,}{outside})."

    def _outside(self, row: pd.Series) -> str:
        """Those outside the base, as the end of a sentence."""
        if np.isfinite(row["n_dont_know"]):
            count = int(row["n_dont_know"])
            return f"；另有 {count:,} 人答“不知道”" if self.language == "zh" else f"; {count:,} more don't know"
        count = int(row["n_missing"])
        return f"；另有 {count:,} 人无有效回答" if self.language == "zh" else f"; {count:,} more gave no valid answer"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Stacked bars about the middle of the scale, with don't know beside them."""
        from servqual.plots import draw_distribution

        return draw_distribution(self, ax)


def sides(values: Array, shares: Array) -> tuple[float, float, float]:
    """Shares below, at and above the middle of the values.

    >>> import numpy as np
    >>> [round(share, 2) for share in sides(np.arange(1, 6), np.array([0.1, 0.2, 0.3, 0.3, 0.1]))]
    [0.3, 0.3, 0.4]
    """
    centre = (values.min() + values.max()) / 2
    return tuple(float(shares[side].sum()) for side in (values < centre, values == centre, values > centre))  # type: ignore[return-value]


def answer_distribution(
    responses: Responses,
    form: str = "perception",
    *,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> Distribution:
    """How the answers to every item are distributed over the scale, with don't know outside the base.

    Parameters
    ----------
    responses : Responses
    form : the form whose answers are counted: "perception", "expectation", "minimum", "desired"
    by : column or columns to split by, optional
        Where it is missing, people are a group of their own, "(not stated)". How many don't know is then not known group by group; all without a valid answer are counted.
    level : confidence of the intervals

    Returns
    -------
    Distribution

    Raises
    ------
    SpecError
        If the form was not asked, or the scale has more than 11 values.
    DataError
        If the responses lack a column of ``by``.

    Notes
    -----
    ``share = sum of weights of those who gave the value / sum of weights of those who gave any``, item by item, so that
    n differs between items. Reverse items are turned round. The interval is made on the logit scale with the standard
    error of the sample design; a share of 0 or 1 has none. A row's interval speaks about that value alone.

    References
    ----------
    Korn and Graubard (1999), Analysis of Health Surveys, Wiley, section 2.5 (logit intervals); Heiberger and Robbins
    (2014), Journal of Statistical Software 57(5), doi:10.18637/jss.v057.i05 (the picture). Checked against pandas
    (weighted value counts) and R's ``survey`` 4.1 ``svyciprop(method = "logit")`` (tests/test_distributions.py).

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> data = pd.DataFrame({column: [4, 6, 6, 7, 2] for column in instrument.columns("perception").values()})
    >>> data.loc[4, "P_TAN1"] = 99
    >>> table = answer_distribution(Responses(data, instrument, dont_know=[99]))
    >>> table.to_frame().head(7)["share"].tolist()
    [0.0, 0.0, 0.0, 0.25, 0.0, 0.5, 0.25]
    >>> table.to_frame().groupby("item", sort=False)["n"].first().head(2).to_dict()
    {'TAN1': 4, 'TAN2': 5}
    """
    check_between("level", level, 0, 1)
    side = _side(responses, form)
    by = split_columns(by)
    check_columns(by, side.frame.columns, side.source.name)
    check_split(by, _OWN)
    scale = side.instrument.scale
    values = np.arange(scale.low, scale.high + 1)
    if len(values) > _MOST_VALUES:
        raise SpecError(
            f"the scale {scale.low}-{scale.high} has {len(values)} values; shares of single values need at most 11."
        )
    interval = choose_interval(side.design, None)
    items = [_item_table(side, form, item, values, by, interval, level) for item in side.instrument.columns(form)]
    frame = pd.concat([table for table, _ in items], ignore_index=True)
    narrow = {name for _, names in items for name in names or ()}
    groups = [group for group in dict.fromkeys(_keys(frame, by)) if " ".join(map(str, group)) in narrow]
    told = any(names is not None for _, names in items)
    columns = tuple(responses.column_of(name) for name in by)
    if by:  # the instrument's order within each group
        place = {group: k for k, group in enumerate(dict.fromkeys(_keys(frame, by)))}
        rank = [place[group] for group in _keys(frame, by)]
        frame = frame.iloc[np.argsort(rank, kind="stable")].reset_index(drop=True)
    return Distribution(
        frame[[*by, *_OWN]],
        responses.language,
        instrument=side.instrument,
        form=form,
        by=by,
        by_columns=columns,
        level=level,
        interval=interval,
        remarks=(narrow_words(groups, columns),) if told else (),
        weighted=side.design.weight is not None,
        cautious=side.design.selection != "probability",
    )


def _keys(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The group of each row."""
    return list(zip(*(frame[name] for name in names), strict=True)) if names else [()] * len(frame)


def _side(responses: Responses, form: str) -> Responses:
    """The file in which the form was answered."""
    for side in responses.sides:
        if form in side.forms:
            return side
    asked = ", ".join(form for side in responses.sides for form in side.forms)
    raise SpecError(f"{responses.source.name} holds no {form!r} answers; it holds: {asked}.")


def _item_table(
    side: Responses, form: str, item: str, values: Array, by: Sequence[str], interval: Interval, level: float
) -> tuple[pd.DataFrame, tuple[str, ...] | None]:
    """The rows of one item: shares with their errors, counts, who is outside the base; and groups of few clusters."""
    answers = side.answers(form)[item]
    names = [f"= {value}" for value in values]
    given = answers.notna().to_numpy()
    ones = (answers.to_numpy(float)[:, None] == values).astype(float)
    indicators = pd.DataFrame(np.where(given[:, None], ones, np.nan), columns=names, index=side.frame.index)
    columns = list(dict.fromkeys([*side.design.column_names(), *by]))
    frame = pd.concat([side.frame[columns], indicators], axis=1)
    estimates = estimate(frame, Mean(*names), side.design, by=by, interval=interval, level=level)
    found = estimates.to_frame()
    share, se, df = (found[name].to_numpy(float) for name in ("estimate", "se", "df"))
    found["low"], found["high"] = logit_interval(share, se, df, level)
    edge = found["low"].isna() & np.isin(share, (0.0, 1.0)) & (found["reason"] == "")
    found["reason"] = found["reason"].mask(edge, "no interval")
    found = found.rename(columns={"estimate": "share"}).assign(
        item=item, value=np.tile(values, len(found) // len(values))
    )
    return _with_counts(found, side, form, item, indicators, by), estimates.narrow


def _with_counts(
    found: pd.DataFrame, side: Responses, form: str, item: str, indicators: pd.DataFrame, by: Sequence[str]
) -> pd.DataFrame:
    """How many gave each value, and how many gave none."""
    k = indicators.shape[1]
    if not by:
        lost = np.array([indicators.iloc[:, 0].isna().sum()])
        return found.assign(
            count=indicators.sum().to_numpy(int), n_missing=np.repeat(lost, k), **_known_kinds(side, form, item)
        )
    keys = [side.frame[name].astype(object).where(side.frame[name].notna(), NOT_STATED) for name in by]
    counts = indicators.groupby(keys, sort=False).sum()
    gone = indicators.iloc[:, 0].isna().groupby(keys, sort=False).sum()
    labels = [tuple(row) for row in found[list(by)].iloc[::k].to_numpy(object)]
    place = {(label if isinstance(label, tuple) else (label,)): number for number, label in enumerate(counts.index)}
    order = [place[label] for label in labels]
    return found.assign(count=counts.to_numpy(int)[order].ravel(), n_missing=np.repeat(gone.to_numpy(int)[order], k),
                        **dict.fromkeys(_KINDS, np.nan))  # fmt: skip


def _known_kinds(side: Responses, form: str, item: str) -> dict[str, float]:
    """Why answers are missing, nan where the responses don't say or speak about other rows than these."""
    kinds, column = side.answers_by_kind, side.instrument.columns(form)[item]
    counted = kinds.loc[column].astype(float).to_dict()
    if counted["given"] != side.frame[column].notna().sum() or sum(counted.values()) != len(side.frame):
        return dict.fromkeys(_KINDS, np.nan)
    return {name: sum(counted[step] for step in steps) for name, steps in _KINDS.items()}
