"""Who rated what, and how? A long or a wide table becomes one matrix of units by raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_columns

Array = NDArray[Any]
Scale = Literal["nominal", "ordinal", "interval", "ratio"]

_SHOWN = 6
_MOST = 100_000_000  # cells of a table of units by categories


@dataclass(frozen=True, eq=False)
class Ratings:
    """Units by raters, as numbers of categories.

    Attributes
    ----------
    units, raters : labels of the rows and columns of ``codes``
    categories : what was said, in the order of the scale
    codes : (units, raters) position of each rating in ``categories``, -1 where there is none
    scale : nominal, ordinal, interval or ratio
    named : True if a column says the same rater throughout
    alone : units with fewer than two ratings, which cannot agree with anybody
    apart : raters who share no unit with another rater
    """

    units: tuple[Any, ...]
    raters: tuple[Any, ...]
    categories: tuple[Any, ...]
    codes: Array
    scale: Scale = "nominal"
    named: bool = True
    alone: int = 0
    apart: tuple[Any, ...] = ()

    @property
    def counts(self) -> Array:
        """(units, categories) how many raters said what."""
        flat = np.arange(len(self.units))[:, None] * len(self.categories) + self.codes
        size = len(self.units) * len(self.categories)
        if size > _MOST:
            raise SpecError(f"{len(self.categories):,} different values of {len(self.units):,} units are too many to count. Round the "
                            "ratings, or use dependability(), which takes any number.")  # fmt: skip
        return np.bincount(flat[self.codes >= 0], minlength=size).reshape(len(self.units), -1).astype(float)

    @property
    def values(self) -> Array:
        """(categories,) what the categories are worth: themselves as numbers, or their place in the order."""
        if self.scale in ("interval", "ratio"):
            return np.array(self.categories, dtype=float)
        return np.arange(len(self.categories), dtype=float)

    @property
    def scores(self) -> Array:
        """(units, raters) ratings as numbers, nan where there is none."""
        if not len(self.categories):
            return np.full(self.codes.shape, np.nan)
        return np.where(self.codes >= 0, self.values[self.codes], np.nan)

    @property
    def complete(self) -> Array:
        """(units,) True where every rater rated."""
        return np.asarray((self.codes >= 0).all(axis=1))


def read_ratings(
    ratings: pd.DataFrame,
    *,
    units: str | None = None,
    raters: str | Sequence[str] | None = None,
    value: str | None = None,
    scale: Scale = "nominal",
    categories: Sequence[Any] | None = None,
) -> Ratings:
    """A table of ratings, checked once.

    Parameters
    ----------
    ratings : DataFrame. Long: one row per rating, with ``units`` and ``value``. Wide: one row per unit, no ``value``
    units : column that names the unit; in a wide table the row itself is the unit if it is left out
    raters : long: the column that names the rater; without it the ratings of a unit count in their order, and raters have
        no identity. Wide: the columns with ratings; all but ``units`` if left out
    value : column of the ratings in a long table
    scale : what may be done with the values
    categories : all that could have been said, in order; by default what was said, sorted

    Returns
    -------
    Ratings
        Units with two ratings or more, and raters who share a unit with another.

    Raises
    ------
    DataError
        If a rater rated a unit twice, a value is no number where numbers are needed or is not among ``categories``, or
        there are no two raters or no two units to compare. ``cases`` lists the cells.

    Examples
    --------
    >>> visits = pd.DataFrame({"first": ["yes", "no", "yes"], "second": ["yes", "no", None]})
    >>> read = read_ratings(visits)
    >>> read.codes.tolist(), read.categories, read.alone
    ([[1, 1], [0, 0]], ('no', 'yes'), 1)
    """
    wide, named = _wide(ratings, units, raters, value)
    cells = wide.to_numpy(dtype=object)
    present = ~pd.isna(cells)
    if scale in ("interval", "ratio"):
        cells = _numbers(wide, cells, present, scale)
    known = _categories(cells[present], categories)
    place = {label: k for k, label in enumerate(known)}
    codes = np.full(cells.shape, -1)
    codes[present] = [place.get(cell, -2) for cell in cells[present]]
    _refuse_cells(wide, codes == -2, f"not among categories {', '.join(map(str, known[:_SHOWN]))}")
    return _shared(wide, codes, known, scale, named)


def _wide(
    ratings: pd.DataFrame, units: str | None, raters: str | Sequence[str] | None, value: str | None
) -> tuple[pd.DataFrame, bool]:
    """One row per unit, one column per rater."""
    if not isinstance(ratings, pd.DataFrame):
        raise SpecError(f"ratings must be a DataFrame, not {type(ratings).__name__}.")
    if value is not None:
        return _long(ratings, units, raters, value)
    asked = [raters] if isinstance(raters, str) else None if raters is None else list(raters)
    check_columns([*([units] if units else []), *(asked or [])], ratings.columns, "the table of ratings")
    chosen = asked if asked is not None else [name for name in ratings.columns if name != units]
    wide = ratings.loc[:, chosen]
    if units is None:
        return wide.reset_index(drop=True), True
    twice = ratings[units].duplicated(keep=False) | ratings[units].isna()
    if twice.any():
        cases = _cases(ratings.index.get_indexer(ratings.index[twice]), units, ratings.loc[twice, units], "not one row")
        raise DataError(f"{int(twice.sum())} rows of the wide table name no unit or the same one ({units!r}). "
                        "Give each unit one row, or name value= for a long table.", cases)  # fmt: skip
    return wide.set_axis(ratings[units].tolist(), axis=0), True


def _long(
    ratings: pd.DataFrame, units: str | None, raters: str | Sequence[str] | None, value: str
) -> tuple[pd.DataFrame, bool]:
    if units is None or not (raters is None or isinstance(raters, str)):
        raise SpecError("a long table needs units= and, where raters have names, raters= as one column.")
    check_columns([units, value, *([raters] if raters else [])], ratings.columns, "the table of ratings")
    frame = ratings.reset_index(drop=True)
    frame = frame[frame[value].notna()]
    keys = [units, *([raters] if raters else [])]
    nameless = frame[keys].isna().any(axis=1)
    if nameless.any():
        cases = _cases(np.flatnonzero(nameless), units, frame.loc[nameless, value], "no unit or no rater")
        raise DataError(
            f"{int(nameless.sum())} ratings name no {' or no '.join(keys)}. Fill them in or drop them.", cases
        )
    order = frame[raters] if raters else frame.groupby(units, sort=False).cumcount() + 1
    twice = pd.DataFrame({"unit": frame[units], "rater": order}).duplicated(keep=False)
    if twice.any():
        cases = _cases(
            frame.index[twice], value, frame.loc[twice, value], "a second rating of the same unit by the same rater"
        )
        raise DataError(f"{int(twice.sum())} ratings are not the only one of their {units} and {raters}. "
                        "Keep one of them, or let units= tell the occasions apart.", cases)  # fmt: skip
    table = pd.DataFrame({"unit": frame[units], "rater": order, "value": frame[value].astype(object)})
    return table.pivot(index="unit", columns="rater", values="value"), raters is not None


def _cases(rows: Any, column: str, values: Any, problem: str) -> pd.DataFrame:
    return pd.DataFrame({"row": np.asarray(rows) + 2, "column": column, "value": list(values), "problem": problem})


def _numbers(wide: pd.DataFrame, cells: Array, present: Array, scale: Scale) -> Array:
    """Ratings as numbers; on a ratio scale none below 0."""
    numbers = pd.to_numeric(pd.Series(cells[present]), errors="coerce").to_numpy(float)
    wrong = np.zeros(cells.shape, dtype=bool)
    wrong[present] = ~np.isfinite(numbers) | ((numbers < 0) & (scale == "ratio"))
    _refuse_cells(wide, wrong, "no number of 0 or more" if scale == "ratio" else "no number")
    cells = cells.copy()
    cells[present] = numbers
    return cells


def _refuse_cells(wide: pd.DataFrame, wrong: Array, problem: str) -> None:
    if not wrong.any():
        return
    at, column = np.nonzero(wrong)
    cases = pd.DataFrame({
        "unit": wide.index[at].tolist(), "rater": wide.columns[column].tolist(),
        "value": wide.to_numpy(dtype=object)[at, column].tolist(), "problem": problem,
    })  # fmt: skip
    listed = "; ".join(
        f"{row.value!r} of unit {row.unit}, rater {row.rater}" for row in cases.head(_SHOWN).itertuples()
    )
    more = f"; and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
    raise DataError(f"{len(cases)} ratings can't be used: {problem}: {listed}{more}. Correct them, or choose another scale.",
                    cases)  # fmt: skip


def _categories(said: Array, given: Sequence[Any] | None) -> tuple[Any, ...]:
    if given is not None:
        if len(set(given)) < len(given):
            raise SpecError("categories= names the same category twice.")
        return tuple(given)
    distinct = set(said.tolist())
    if len({type(each) in (int, float, bool) or isinstance(each, np.number) for each in distinct}) > 1:
        return tuple(sorted(distinct, key=str))
    return tuple(sorted(distinct))


def _shared(wide: pd.DataFrame, codes: Array, known: tuple[Any, ...], scale: Scale, named: bool) -> Ratings:
    """Only what can be compared: units with two ratings, raters who share one."""
    paired = (codes >= 0).sum(axis=1) >= 2
    used = (codes[paired] >= 0).any(axis=0)
    if used.sum() < 2:
        raise DataError("agreement needs two raters who rated the same unit; here nobody shares a unit with anybody. "
                        "Name units= and raters= (long), or give one column per rater (wide).")  # fmt: skip
    if paired.sum() < 2:
        raise DataError("only one unit has two ratings. Agreement needs two units or more; a dozen is a beginning.")
    rated = (codes >= 0).any(axis=0)
    return Ratings(
        tuple(wide.index[paired]), tuple(wide.columns[used]), known, codes[paired][:, used], scale, named,
        int((~paired).sum()), tuple(wide.columns[rated & ~used]),
    )  # fmt: skip
