"""Which numbers of a factor model are free, which are fixed, and which are one and the same?

A model is a table with one line per number: in which matrix it stands, where, in which group, and the number of the free
parameter that fills it (-1 where it is fixed). Equal numbers are one parameter with several lines, within a group or between
groups. What the lines fill is Bollen's form of a measurement model, with second-order factors as regressions among factors::

    Sigma = L (I - B)^-1 Psi (I - B)^-T L' + Theta,     mu = nu + L (I - B)^-1 alpha
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from survey_design.errors import SpecError, check_choice

Array = NDArray[Any]
ScaleBy = Literal["marker", "variance"]
Kind = Literal["loading", "regression", "factor", "residual", "intercept", "mean"]
Line = tuple[Kind, int, int, float, bool]  # matrix, row, column, value, free

KINDS: tuple[Kind, ...] = ("loading", "regression", "factor", "residual", "intercept", "mean")
GENERAL, METHOD = "general", "method"


@dataclass(frozen=True, eq=False)
class ParameterTable:
    """The numbers of a factor model, a line each.

    Attributes
    ----------
    items, factors : names of the rows and columns of the loadings; ``roles`` of the factors: "", "general" or "method"
    groups : how many groups the lines speak of
    kind : (m,) place in ``KINDS`` of the matrix: loading (item, factor), regression (factor, on factor), factor (co)variance,
        residual (co)variance, intercept (item), mean (factor)
    row, column, group : (m,) where in it; of a symmetric matrix only one of the two places is listed
    free : (m,) number of the parameter, -1 where fixed
    value : (m,) the fixed value; for free numbers nothing is meant by it
    ordered : items stand for what lies behind ordered answers: their variances are 1 and residual variances follow
    """

    items: tuple[str, ...]
    factors: tuple[str, ...]
    roles: tuple[str, ...]
    groups: int
    kind: Array
    row: Array
    column: Array
    group: Array
    free: Array
    value: Array
    ordered: bool = False

    @property
    def n_free(self) -> int:
        """How many free parameters there are."""
        return int(self.free.max(initial=-1)) + 1

    @property
    def with_means(self) -> bool:
        """Whether means are modelled."""
        return bool((self.kind >= KINDS.index("intercept")).any())

    def of_kind(self, kind: Kind, group: int | None = None) -> Array:
        """(m,) which lines stand in this matrix (of this group)."""
        chosen = self.kind == KINDS.index(kind)
        return chosen if group is None else chosen & (self.group == group)

    def name(self, line: int) -> str:
        """How a line is written: ``reliability =~ rel_1``, ``a ~~ b``, ``rel_1 ~ 1``."""
        kind, row, column = KINDS[self.kind[line]], int(self.row[line]), int(self.column[line])
        of_items = kind in ("residual", "intercept")
        first = (self.items if of_items or kind == "loading" else self.factors)[row]
        if kind in ("intercept", "mean"):
            return f"{first} ~ 1"
        second = (self.items if of_items else self.factors)[column]
        if kind in ("loading", "regression"):
            return f"{second} =~ {first}"
        return f"{first} ~~ {second}"

    def with_lines(self, lines: Sequence[Line], group: int = 0) -> ParameterTable:
        """The table with further lines, each free one a parameter of its own."""
        number = self.n_free + np.cumsum([line[4] for line in lines]) - 1
        free = np.where([line[4] for line in lines], number, -1)
        return replace(
            self,
            kind=np.append(self.kind, [KINDS.index(line[0]) for line in lines]).astype(int),
            row=np.append(self.row, [line[1] for line in lines]).astype(int),
            column=np.append(self.column, [line[2] for line in lines]).astype(int),
            group=np.append(self.group, np.full(len(lines), group)).astype(int),
            free=np.append(self.free, free).astype(int),
            value=np.append(self.value, [line[3] for line in lines]).astype(float),
        )


def plan_model(
    model: Mapping[str, Sequence[str]],
    items: Sequence[str],
    *,
    scale_by: ScaleBy = "marker",
    second_order: str | None = None,
    method_factors: Mapping[str, Sequence[str]] | None = None,
    residual_covariances: Iterable[tuple[str, str]] = (),
    uncorrelated: bool = False,
    ordered: bool = False,
    markers: Mapping[str, str] | None = None,
) -> ParameterTable:
    """The parameter table of a confirmatory factor model in one group, without means.

    Parameters
    ----------
    model : factor -> its items; an item may be listed by several factors (a cross-loading)
    items : all items, in the order of the covariance matrix; each must load on something
    scale_by : "marker" fixes each factor's first loading at 1, "variance" its variance
    markers : factor -> the item whose loading is fixed in place of the first
    second_order : name of a general factor that explains the covariances of the factors
    method_factors : factor -> items, such as those worded negatively; uncorrelated with everything else
    residual_covariances : pairs of items whose residuals may covary
    uncorrelated : factors are held uncorrelated
    ordered : the matrix holds polychoric correlations

    >>> table = plan_model({"a": ["x1", "x2", "x3"], "b": ["x4", "x5", "x6"]}, [f"x{i}" for i in range(1, 7)])
    >>> table.n_free, [table.name(k) for k in range(3)]
    (13, ['a =~ x1', 'a =~ x2', 'a =~ x3'])
    """
    check_choice("scale_by", scale_by, ScaleBy)
    method = dict(method_factors or {})
    _check_names(model, method, second_order, items, residual_covariances)
    factors = [*model, *method, *([second_order] if second_order else [])]
    roles = [""] * len(model) + [METHOD] * len(method) + [GENERAL] * bool(second_order)
    marker = scale_by == "marker"
    first = {name: own[0] for name, own in {**model, **method}.items()} | dict(markers or {})
    for name, item in first.items():
        if item not in {**model, **method}.get(name, ()):
            raise SpecError(f"Factor {name!r} can't get its unit from {item}: name one of its own items.")
    lines = _loadings({**model, **method}, list(items), first if marker else {})
    lines += _factor_lines(len(model), len(method), marker, bool(second_order), uncorrelated)
    lines += [] if ordered else [("residual", i, i, 0.0, True) for i in range(len(items))]
    place = {name: k for k, name in enumerate(items)}
    lines += [("residual", place[a], place[b], 0.0, True) for a, b in residual_covariances]
    return empty_table(items, factors, roles, ordered=ordered).with_lines(lines)


def empty_table(
    items: Sequence[str], factors: Sequence[str] = (), roles: Sequence[str] = (), *, ordered: bool = False
) -> ParameterTable:
    """A model of one group that has no numbers yet."""
    none = np.zeros(0, dtype=int)
    return ParameterTable(
        tuple(items), tuple(factors), tuple(roles), 1, none, none, none, none, none, np.zeros(0), ordered
    )


def _loadings(model: Mapping[str, Sequence[str]], items: list[str], markers: Mapping[str, str]) -> list[Line]:
    return [
        ("loading", items.index(item), j, 1.0, markers.get(factor) != item)
        for j, (factor, listed) in enumerate(model.items())
        for item in listed
    ]


def _factor_lines(first: int, method: int, marker: bool, general: bool, uncorrelated: bool) -> list[Line]:
    """Variances and covariances of the factors, and the general factor that takes the place of these."""
    lines: list[Line] = [("factor", j, j, 1.0, marker) for j in range(first + method)]
    if general:
        top = first + method
        lines += [("factor", top, top, 1.0, marker)]
        lines += [("regression", j, top, 1.0, not (marker and j == 0)) for j in range(first)]
    elif not uncorrelated:
        lines += [("factor", j, k, 0.0, True) for k in range(first) for j in range(k + 1, first)]
    return lines


def _check_names(model: Any, method: Any, general: str | None, items: Sequence[str], pairs: Any) -> None:
    """Refuse factors without items, unknown items, items that no factor explains, and names used twice."""
    if not model:
        raise SpecError("The model names no factor. Give model={'factor': ['item', ...]}, or items with dimensions.")
    names = [*model, *method, *([general] if general else [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError(f"Two factors are called {', '.join(map(repr, twice))}. Give each factor a name of its own.")
    listed = [item for group in (*model.values(), *method.values(), *pairs) for item in group]
    unknown = [item for item in dict.fromkeys(listed) if item not in items]
    if unknown:
        raise SpecError(
            f"The model names items that the data lack: {', '.join(map(repr, unknown))}. They have: {', '.join(items)}."
        )
    empty = [name for name, group in {**model, **method}.items() if not group or len(set(group)) < len(group)]
    if empty:
        raise SpecError(f"Factor {', '.join(map(repr, empty))}: list at least one item, and each only once.")
    lone = [item for item in items if item not in {i for group in model.values() for i in group}]
    if lone:
        raise SpecError(
            f"No factor explains {', '.join(map(repr, lone))}. Add them to a factor, or leave them out of the matrix."
        )
    if general and len(model) < 3:
        raise SpecError(f"A second-order factor over {len(model)} factors is not identified: it needs three or more. "
                        "Use the correlated factors themselves.")  # fmt: skip


def in_groups(
    table: ParameterTable,
    groups: int,
    *,
    equal: Collection[Kind] = (),
    released: Collection[tuple[Kind, int, int]] = (),
    means: bool = True,
) -> ParameterTable:
    """The same model in several groups, with the numbers of some matrices held equal.

    Where intercepts are held equal, factor means are free in all groups but the first, in which they are 0.

    Parameters
    ----------
    table : the model of one group, without means
    groups : how many
    equal : kinds held equal: {"loading"} is metric, with "intercept" scalar, with "residual" strict invariance
    released : (kind, row, column) that stay free in each group although their kind is held equal
    means : whether means are modelled

    >>> one = plan_model({"a": ["x1", "x2", "x3"], "b": ["x4", "x5", "x6"]}, [f"x{i}" for i in range(1, 7)])
    >>> steps = [(), ("loading",), ("loading", "intercept"), ("loading", "intercept", "residual")]
    >>> [in_groups(one, 2, equal=step).n_free for step in steps]
    [38, 34, 30, 24]
    """
    lines = [(KINDS[table.kind[i]], int(table.row[i]), int(table.column[i]), float(table.value[i]), bool(table.free[i] >= 0))
             for i in range(len(table.kind))]  # fmt: skip
    if means:
        lines += [("intercept", i, i, 0.0, True) for i in range(len(table.items))]
    result = replace(empty_table(table.items, table.factors, table.roles, ordered=table.ordered), groups=groups)
    latent = range(len(table.factors)) if means and "intercept" in equal else range(0)
    for group in range(groups):
        means_of: list[Line] = [("mean", j, j, 0.0, group > 0) for j in latent]
        result = result.with_lines([*lines, *means_of], group)
    return _tied(result, set(equal), set(released))


def _tied(
    table: ParameterTable, equal: Collection[Kind], released: Collection[tuple[Kind, int, int]]
) -> ParameterTable:
    """Lines of the same place in several groups get one parameter where their kind is held equal."""
    taken: dict[Any, int] = {}
    free = np.full(len(table.free), -1)
    for line in np.flatnonzero(table.free >= 0):
        kind: Kind = KINDS[table.kind[line]]
        place = (kind, int(table.row[line]), int(table.column[line]))
        variance_only = kind == "residual" and place[1] != place[2]
        tied = kind in equal and place not in released and not variance_only
        free[line] = taken.setdefault(place if tied else (*place, int(table.group[line])), len(taken))
    return replace(table, free=free)
