"""What is said when something is wrong, and the few checks that say it.

A message tells a researcher four things: what is wrong, where, what was expected, what to do.
All offending cells are collected before anything is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any, get_args

import pandas as pd


class SpecError(ValueError):
    """A specification (argument, instrument file, study file) that cannot be used as written."""


class DataError(ValueError):
    """Answers or rows that do not fit the specification.

    Attributes
    ----------
    cases : DataFrame
        One row per offending cell: ``file, row, column, value, problem``. ``row`` counts as a
        spreadsheet does: the header is row 1.

    Examples
    --------
    >>> import pandas as pd
    >>> error = DataError("1 answer outside 1-7", pd.DataFrame({"row": [14], "column": ["P_REL2"]}))
    >>> int(error.cases.loc[0, "row"])
    14
    """

    def __init__(self, message: str, cases: pd.DataFrame | None = None) -> None:
        super().__init__(message)
        self.cases = pd.DataFrame() if cases is None else cases


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Refuse a word that is not among the choices of a ``Literal`` type.

    The choices are read from the type itself, so message and code cannot differ.

    >>> from typing import Literal
    >>> check_choice("adjust", "hulm", Literal["holm", "none"])
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: adjust='hulm' is not known. Choose one of 'holm', 'none'. Did you mean 'holm'?
    """
    allowed = get_args(choices)
    if not any(type(value) is type(choice) and value == choice for choice in allowed):
        listed = ", ".join(repr(choice) for choice in allowed)
        raise SpecError(f"{name}={value!r} is not known. Choose one of {listed}.{_hint(value, allowed)}")


def check_columns(
    wanted: Iterable[str], available: Iterable[Any], where: str, *, near: Iterable[Any] | None = None
) -> None:
    """Refuse column names that the data do not have, naming all of them and the nearest ones (of ``near``).

    >>> check_columns(["stor"], ["store", "tier"], "intercept.csv")
    Traceback (most recent call last):
    ...
    survey_design.errors.DataError: intercept.csv has no column 'stor'. Did you mean 'store'? It has: store, tier.
    """
    present = [str(name) for name in available]
    missing = [name for name in wanted if name not in present]
    if not missing:
        return
    lacks = "has no column" if len(missing) == 1 else f"lacks {len(missing)} columns:"
    listed = ", ".join(repr(name) for name in missing)
    known = present if near is None else [str(name) for name in near]
    hints = "".join(dict.fromkeys(_hint(name, known) for name in missing[:10]))
    shown = ", ".join(present[:40]) + (", …" if len(present) > 40 else "")
    cases = pd.DataFrame({"file": where, "column": missing, "problem": "missing column"})
    raise DataError(f"{where} {lacks} {listed}.{hints} It has: {shown}.", cases)


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number that is not strictly between two bounds.

    >>> check_between("level", 95, 0, 1)
    Traceback (most recent call last):
    ...
    survey_design.errors.SpecError: level=95 must lie between 0 and 1.
    """
    if not isinstance(value, (int, float)) or not low < value < high:
        raise SpecError(f"{name}={value!r} must lie between {low} and {high}.")


def raise_faults(faults: Sequence[Mapping[str, Any]], where: str) -> None:
    """Refuse a table for all of its unusable cells at once; nothing happens if there are none.

    Each fault is a mapping whose first entry says whose cell it is, with ``row``, ``column`` and ``problem``.

    >>> raise_faults(
    ...     [{"stratum": "kiosk", "row": 4, "column": "size", "value": 0, "problem": "no units"}], "the strata"
    ... )
    Traceback (most recent call last):
    ...
    survey_design.errors.DataError: the strata can't be used as they are: size of 'kiosk' (row 4): no units. Correct these cells.
    """
    if not faults:
        return
    whose = [next(iter(fault.values())) for fault in faults]
    said = [f"{fault['column']} of {name!r} (row {fault['row']}): {fault['problem']}"
            for fault, name in zip(faults, whose, strict=True)]  # fmt: skip
    more = f"; and {len(said) - 8} more" if len(said) > 8 else ""
    raise DataError(f"{where} can't be used as they are: {'; '.join(said[:8])}{more}. Correct these cells.",
                    pd.DataFrame(list(faults)))  # fmt: skip


def check_inside(path: Path, folder: Path, named_in: str) -> Path:
    """The resolved path, refused when it leaves the study's folder (also through a link)."""
    resolved = (folder / path).resolve()
    if not resolved.is_relative_to(folder.resolve()):
        raise SpecError(
            f"{named_in}: '{path}' lies outside the study's folder. "
            "Copy the file into the folder and name it by its relative path."
        )
    return resolved


def missing_extra(package: str, extra: str, purpose: str) -> SpecError:
    """The error for a feature whose optional dependency is not installed."""
    return SpecError(f"{purpose} needs '{package}'. Install it with: pip install 'servqual[{extra}]'")


def _hint(value: Any, known: Sequence[Any]) -> str:
    folded = {str(name).casefold(): str(name) for name in known}
    wanted = str(value).casefold()
    near = get_close_matches(wanted, list(folded), n=2)
    closeness = [SequenceMatcher(None, name, wanted).ratio() for name in near]
    if not near or (len(near) == 2 and closeness[0] == closeness[1]):
        return ""  # of two equally near names either may be the wrong one
    return f" Did you mean {folded[near[0]]!r}?"
