"""Which units are drawn, with which probability? Random, systematic, by size, balanced; in one stage or two.

Array functions do the drawing: they know numbers only and can be tried by hand. :func:`draw` reads a list of
units, draws in each stratum, and hands over the rows with their weights and a ready
:class:`~survey_design.sampling.SampleDesign`.

A probability is stated before anything is drawn, and the draw keeps to it exactly: sample sizes are fixed, never
"9 or 10". Systematic selection therefore counts in whole numbers, where no sum of fractions can round a unit away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Result, Text, say, spaced
from survey_design.sampling.design import SampleDesign, error_stratum

Array = NDArray[Any]
Method = Literal["srs", "systematic", "pps", "balanced"]
Within = Literal["srs", "systematic"]

_CERTAIN = 1 - 1e-9  # a probability this near to 1 is 1
_SCALE = 2.0**62  # sizes are counted in whole parts of their total
_BLOCK = 1 << 18
_JOINT = 2_000  # units of a stratum up to which all pairs are looked at
_SHOWN = 20
_NAMED = 8

METHOD_WORDS: Mapping[str, Text] = {
    "srs": {"en": "simple random sampling without replacement", "zh": "不放回简单随机抽样"},
    "systematic": {"en": "systematic sampling with a fractional interval", "zh": "系统抽样（间隔可为小数）"},
    "pps": {"en": "systematic sampling with probability proportional to size", "zh": "与规模成比例的系统抽样（PPS）"},
    "balanced": {"en": "balanced sampling (cube method)", "zh": "平衡抽样（立方体法）"},
}
_LABELS: Mapping[str, Text] = {
    "inclusion_probability": {"en": "inclusion probability", "zh": "入样概率"},
    "weight": {"en": "weight", "zh": "权数"},
    "units_in_stratum": {"en": "units in stratum", "zh": "层内单元数"},
    "clusters_in_stratum": {"en": "clusters in stratum", "zh": "层内群数"},
    "units_in_cluster": {"en": "units in cluster", "zh": "群内单元数"},
    "error_stratum": {"en": "stratum for errors", "zh": "误差计算用层"},
    "error_population": {"en": "population for errors", "zh": "误差计算用总体规模"},
}


# --- drawing, on arrays --------------------------------------------------------------------------------------


def inclusion_probabilities(size: ArrayLike, n: int) -> Array:
    """Probabilities proportional to size that sum to n, none above 1.

    ``π_k = n x_k / Σx``. A unit for which this reaches 1 is certain; it is set to 1 and the others share what is
    left, again and again until no probability exceeds 1.

    Parameters
    ----------
    size : (N,) positive sizes
    n : how many are to be drawn, at most N

    Returns
    -------
    (N,) probabilities; 1.0 marks a certain unit

    References
    ----------
    Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, section 3.6.

    Examples
    --------
    The largest store has 60% of the customers: of two draws one is its own.

    >>> inclusion_probabilities([60, 20, 10, 10], 2).tolist()
    [1.0, 0.5, 0.25, 0.25]
    """
    x = np.asarray(size, dtype=float)
    _check_sizes(x)
    _check_count(n, len(x))
    certain, k, total = _certain(x, n)
    return np.where(certain, 1.0, k * x / total) if k else np.ones(len(x))


def simple_random(N: int, n: int, generator: np.random.Generator) -> Array:
    """Places of n among N units, every set of n equally likely: ``π_k = n/N``, ``π_kl = n(n − 1)/(N(N − 1))``.

    >>> simple_random(10, 3, np.random.default_rng(1)).tolist()
    [3, 4, 7]
    """
    _check_count(n, N)
    return np.sort(generator.choice(N, n, replace=False, shuffle=False))


def systematic(N: int, n: int, start: int) -> Array:
    """Places of every (N/n)-th unit: exactly n of them, also where N/n is no whole number.

    The j-th place is ``floor((start + j N) / n)`` in whole numbers. Over the N possible starts every unit is met
    exactly n times, so that ``π_k = n/N`` holds without any rounding.

    Parameters
    ----------
    N, n : units, and how many are taken
    start : whole number from 0 to N − 1, drawn at random

    References
    ----------
    Madow and Madow (1944), Annals of Mathematical Statistics 15, 1-24, doi:10.1214/aoms/1177731312. Fractional
    intervals: Cochran (1977), Sampling Techniques, 3rd ed., section 8.1.

    Examples
    --------
    >>> systematic(10, 4, start=0).tolist(), systematic(10, 4, start=9).tolist()
    ([0, 2, 5, 7], [2, 4, 7, 9])
    """
    _check_count(n, N)
    if not 0 <= start < N:
        raise SpecError(f"start={start} must lie between 0 and {N - 1}, the last of the {N} units.")
    step, rest = divmod(N, n)
    j = np.arange(n, dtype=np.int64)
    return np.asarray(j * step + (start + j * rest) // n)


def systematic_pps(pi: ArrayLike, u: float) -> Array:
    """Places of the units drawn systematically with given probabilities, in the order given.

    Probabilities are laid end to end on a line; the units are taken that hold the points u, u + 1, u + 2, … With
    π = n x/Σx this is sampling proportional to size. The line is measured in whole parts of its length (2⁻⁶²), so
    that sums over millions of units lose nothing and exactly n units come out.

    Parameters
    ----------
    pi : (N,) probabilities above 0 and up to 1, with a whole number n as sum
    u : starting point, from 0 up to but not including 1, drawn at random

    References
    ----------
    Madow (1949), Annals of Mathematical Statistics 20, 333-354, doi:10.1214/aoms/1177729988.

    Examples
    --------
    >>> systematic_pps([0.2, 0.5, 0.3, 1.0], 0.6).tolist(), systematic_pps([0.2, 0.5, 0.3, 1.0], 0.8).tolist()
    ([1, 3], [2, 3])
    """
    p = np.asarray(pi, dtype=float)
    _check_sizes(p)
    total = float(p.sum())
    n = round(total)
    if p.max() > 1 or abs(total - n) > 1e-6:
        raise SpecError(f"probabilities from {p.min():g} to {p.max():g} sum to {total:g}: they must lie between 0 and 1 "
                        "and sum to a whole number. inclusion_probabilities(size, n) makes such ones.")  # fmt: skip
    if not 0 <= u < 1:
        raise SpecError(f"u={u} must lie between 0 and 1, 1 excluded.")
    certain = p >= _CERTAIN
    open_, k = np.flatnonzero(~certain), n - int(certain.sum())
    drawn = open_[_crossings(_whole_cumulative(p[open_]), k, u)] if k else open_[:0]
    return np.sort(np.concatenate([np.flatnonzero(certain), drawn]))


def cube(pi: ArrayLike, auxiliary: ArrayLike, generator: np.random.Generator) -> Array:
    """Places of a balanced sample: probabilities exactly π, and known totals met as nearly as whole units allow.

    The vector of probabilities is moved at random along directions that change neither ``Σ x_k p_k/π_k`` nor the
    sample size, until it meets 0 or 1 for all but a few units (flight); for these the last columns are given up
    one by one (landing). Each move has mean zero, so that every unit keeps its probability exactly.

    Parameters
    ----------
    pi : (N,) probabilities above 0 and up to 1. Where they sum to a whole number, the sample has that size.
    auxiliary : (N, p) balancing variables, the most important first
    generator : numpy's random generator

    References
    ----------
    Deville and Tillé (2004), Biometrika 91, 893-912, doi:10.1093/biomet/91.4.893. The flight looks at p + 2 units
    at a time, after Chauvet and Tillé (2006), Computational Statistics 21, 53-62, doi:10.1007/s00180-006-0250-2.

    Examples
    --------
    Four small and four large stores, half of them drawn: two of each.

    >>> x = np.array([1, 1, 1, 1, 9, 9, 9, 9])
    >>> chosen = cube(np.full(8, 0.5), x[:, None], np.random.default_rng(1))
    >>> len(chosen), int(x[chosen].sum() / 0.5), int(x.sum())
    (4, 40, 40)
    """
    p = np.array(pi, dtype=float)
    _check_sizes(p)
    if p.max() > 1:
        raise SpecError(f"a probability of {p.max():g} is above 1.")
    p[p >= _CERTAIN] = 1.0
    x = np.asarray(auxiliary, dtype=float).reshape(len(p), -1)
    queue = generator.permutation(np.flatnonzero(p < 1))
    constraints = _scaled(np.column_stack([np.ones(len(p)), x / p[:, None]]))
    width = constraints.shape[1] + 1
    active, waiting = queue[:width], width
    fixed = abs(p.sum() - round(p.sum())) < 1e-6
    while len(active) > fixed:
        direction, constraints = _free_direction(constraints, active)
        p[active] = _moved(p[active], direction, generator)
        active = active[(p[active] > 0) & (p[active] < 1)]
        taken = queue[waiting : waiting + width - len(active)]
        active, waiting = np.concatenate([active, taken]), waiting + len(taken)
    return np.flatnonzero(p > 0.5)  # a last unit of a fixed size holds no more than what rounding has left


def joint_inclusion_srs(N: int, n: int) -> Array:
    """(N, N) probabilities that two units are drawn together at random; the diagonal holds n/N.

    >>> joint_inclusion_srs(4, 2)[0].round(4).tolist()
    [0.5, 0.1667, 0.1667, 0.1667]
    """
    _check_count(n, N)
    together = np.full((N, N), n * (n - 1) / (N * (N - 1)) if N > 1 else 1.0)
    np.fill_diagonal(together, n / N)
    return together


def joint_inclusion_systematic(pi: ArrayLike) -> Array:
    """(N, N) probabilities that two units are drawn together by :func:`systematic_pps` in this order.

    The line of starting points falls into at most N pieces within which the sample is the same; the probability of a
    pair is the length of the pieces that hold both. Zeros are common, which is why no unbiased estimate of the
    variance exists for a systematic sample.

    References
    ----------
    Madow (1949), doi:10.1214/aoms/1177729988. Connor (1966), J. Am. Stat. Assoc. 61, 384-390.

    Examples
    --------
    >>> joint_inclusion_systematic([0.5, 0.5, 0.5, 0.5]).tolist()[0]
    [0.5, 0.0, 0.5, 0.0]
    """
    p = np.asarray(pi, dtype=float)
    ends = np.concatenate([[0.0], np.cumsum(p)])
    ends[-1] = round(ends[-1])
    pieces = np.unique(np.concatenate([(ends % 1.0).round(15) % 1.0, [0.0, 1.0]]))
    middle = (pieces[1:] + pieces[:-1]) / 2
    drawn = np.diff(np.ceil(ends - middle[:, None]), axis=1)
    return np.asarray((drawn.T * np.diff(pieces)) @ drawn)


def stream(seed: int, *names: Any) -> np.random.Generator:
    """The random numbers of one stratum (or one cluster of it): set by the seed and the names, and by nothing else.

    A stratum that is added, left out or drawn larger changes no draw elsewhere.

    >>> stream(1, "flagship").integers(100, size=3).tolist(), stream(1, "county").integers(100, size=3).tolist()
    ([96, 99, 18], [82, 88, 90])
    """
    told = "\x1f".join(map(str, names)).encode("utf-8")
    words = np.frombuffer(hashlib.blake2b(told, digest_size=16).digest(), dtype="<u4")
    return np.random.default_rng([seed, *(int(word) for word in words)])


def _certain(x: Array, n: int) -> tuple[Array, int, float]:
    """(N,) True for units whose probability reaches 1, how many are left to draw, and the size they are drawn from."""
    certain = np.zeros(len(x), dtype=bool)
    k, total, largest = n, float(x.sum()), float(x.max())
    while k and k * largest >= total * _CERTAIN:
        certain |= k * x >= total * _CERTAIN
        k, rest = n - int(certain.sum()), x[~certain]
        total, largest = float(rest.sum()), float(rest.max(initial=0.0))
    return certain, k, total


def _pps(x: Array, n: int, generator: np.random.Generator, shuffle: bool) -> tuple[Array, Array, float]:
    """Places drawn in proportion to x, their probabilities, and the smallest probability of all uncertain units.

    The same as ``systematic_pps(inclusion_probabilities(x, n), u)`` without the vectors over the whole list.
    """
    certain, k, total = _certain(x, n)
    u = generator.random()
    if not k:
        return np.arange(len(x)), np.ones(n), 1.0
    open_ = np.flatnonzero(~certain) if k < n else None
    if shuffle:
        open_ = generator.permutation(np.arange(len(x)) if open_ is None else open_)
    rest = x if open_ is None else x[open_]
    drawn = _crossings(_whole_cumulative(rest), k, u)
    drawn = drawn if open_ is None else open_[drawn]
    chosen = np.sort(np.concatenate([np.flatnonzero(certain), drawn])) if k < n else np.sort(drawn)
    pi = np.where(certain[chosen], 1.0, k * x[chosen] / total)
    return chosen, pi, float(k * rest.min() / total)


def _whole_cumulative(x: Array) -> Array:
    """(N,) running sum of sizes in whole parts of their total: no unit's share is lost, however long the list."""
    scale = _SCALE / float(x.sum())
    total, parts = np.empty(len(x), dtype=np.int64), np.empty(min(len(x), _BLOCK))
    carry = np.int64(0)
    for start in range(0, len(x), _BLOCK):
        part = total[start : start + _BLOCK]
        block = np.multiply(x[start : start + _BLOCK], scale, out=parts[: len(part)])
        np.maximum(np.rint(block, out=block), 1.0, out=block)
        part[:] = block
        part[0] += carry
        np.cumsum(part, out=part)
        carry = part[-1]
    return total


def _crossings(cumulative: Array, n: int, u: float) -> Array:
    """(n,) places of the units that hold the points ``(start + j total) / n``, all in whole numbers."""
    total = int(cumulative[-1])
    start = min(int(u * total), total - 1)
    step, rest = divmod(total, n)
    j = np.arange(n, dtype=np.int64)
    return np.asarray(np.searchsorted(cumulative, j * step + (start + j * rest) // n, side="right"))


def _scaled(columns: Array) -> Array:
    """Columns of like size, so that one tolerance fits all; those of zeros are left out."""
    largest = np.abs(columns).max(axis=0)
    return np.asarray(columns[:, largest > 0] / largest[largest > 0])


def _free_direction(constraints: Array, active: Array) -> tuple[Array, Array]:
    """A direction for the active units that leaves all constraints as they are, giving up the last where none does."""
    while True:
        q = constraints.shape[1]
        if not q:
            return np.ones(len(active)), constraints
        _, singular, right = np.linalg.svd(constraints[active].T)
        if len(active) > q or singular[-1] < 1e-9 * singular[0]:
            return right[-1], constraints
        constraints = constraints[:, :-1]


def _moved(p: Array, direction: Array, generator: np.random.Generator) -> Array:
    """One step of the cube: to either side as far as 0 and 1 allow, with chances that keep the mean."""
    with np.errstate(divide="ignore"):
        to_one, to_zero = (1 - p) / np.abs(direction), p / np.abs(direction)
    forth = float(np.where(direction > 0, to_one, to_zero).min())
    back = float(np.where(direction > 0, to_zero, to_one).min())
    step = forth if generator.random() * (forth + back) < back else -back
    moved = p + step * direction
    moved[moved < 1e-12] = 0.0
    moved[moved > 1 - 1e-12] = 1.0
    return np.asarray(moved)


def _check_sizes(x: Array) -> None:
    if x.ndim != 1 or not len(x):
        raise SpecError(f"sizes must be a list of numbers, one per unit; these have the shape {x.shape}.")
    bad = ~((x > 0) & (x < np.inf))
    if bad.any():
        places = ", ".join(map(str, np.flatnonzero(bad)[:_NAMED]))
        raise SpecError(f"{int(bad.sum())} sizes are not positive numbers (places {places}, counted from 0).")


def _check_count(n: int, N: int) -> None:
    if not 1 <= n <= N:
        raise SpecError(f"n={n} cannot be drawn from {N} units without replacement. Choose 1 to {N}.")


# --- what is asked for ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Request:
    """How to draw, checked: options that a method would not look at are refused."""

    method: Method
    size: str | None
    order: tuple[str, ...]
    shuffle: bool
    auxiliary: tuple[str, ...]
    within: Within

    def __post_init__(self) -> None:
        check_choice("method", self.method, Method)
        check_choice("within", self.within, Within)
        if self.size and self.method not in ("pps", "balanced"):
            raise SpecError(
                f"size={self.size!r} is not looked at by method={self.method!r}. Choose 'pps' or 'balanced'."
            )
        if bool(self.auxiliary) != (self.method == "balanced"):
            raise SpecError("auxiliary= and method='balanced' go together: the columns whose totals the sample is to "
                            "meet.")  # fmt: skip
        if self.shuffle and (self.order or self.method not in ("systematic", "pps")):
            raise SpecError("shuffle=True puts units in random order before a systematic pass: it needs "
                            "method='systematic' or 'pps', and no order=.")  # fmt: skip

    @property
    def by_size(self) -> bool:
        return self.method == "pps" or self.size is not None

    def choose(self, units: _Units, members: Array | None, n: int, generator: np.random.Generator) -> _Chosen:
        """Draws n of a stratum's units (all units where ``members`` is None)."""
        N = len(units) if members is None else len(members)
        if self.method == "pps":
            return _Chosen(*_pps(_taken(units.size, members), n, generator, self.shuffle))
        if self.method == "balanced":
            pi = inclusion_probabilities(_taken(units.size, members), n) if self.size else np.full(N, n / N)
            chosen = cube(pi, _taken(units.auxiliary, members), generator)
            return _Chosen(chosen, pi[chosen], float(pi.min()))
        return _Chosen(_equally(self.method, N, n, generator, self.shuffle), np.full(n, n / N), n / N)


def _equally(method: str, N: int, n: int, generator: np.random.Generator, shuffle: bool = False) -> Array:
    """(n,) places drawn with equal probability."""
    if method == "srs":
        return simple_random(N, n, generator)
    places = systematic(N, n, int(generator.integers(N)))
    return np.sort(generator.permutation(N)[places]) if shuffle else places


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Units drawn in one stratum: their places, probabilities, and the smallest probability that any unit had."""

    places: Array
    pi: Array
    smallest: float


def _taken(values: Array, members: Array | None) -> Array:
    return values if members is None else values[members]


# --- who can be drawn ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Units:
    """The units of the first stage: rows of the list, or the clusters they form.

    Attributes
    ----------
    names : strata, as text; ``stratum`` (U,) is each unit's place among them, None where there is one
    size, auxiliary : (U,), (U, p) for drawing by size and for balancing; empty where not asked for
    rows, bounds : rows sorted by unit and where each unit's rows begin; None where every unit is one row
    sequence : (U,) rows in the order in which they are drawn; None for the order of the list
    labels : (U,) names of the clusters, empty where rows are drawn
    """

    names: tuple[str, ...]
    stratum: Array | None
    size: Array
    auxiliary: Array
    rows: Array | None
    bounds: Array | None
    sequence: Array | None
    labels: Array
    count: int

    def __len__(self) -> int:
        return self.count

    def members(self) -> list[Array | None]:
        """The units of each stratum, in order."""
        if self.stratum is None:
            return [None]
        places = np.argsort(self.stratum, kind="stable")
        return list(np.split(places, np.cumsum(np.bincount(self.stratum, minlength=len(self.names)))[:-1]))

    @property
    def gathered(self) -> bool:
        """True if some clusters have several rows."""
        return self.rows is not None and len(self.rows) > self.count

    def per_stratum(self) -> Array:
        """(H,) units of each stratum."""
        if self.stratum is None:
            return np.array([self.count])
        return np.bincount(self.stratum, minlength=len(self.names))

    def rows_of(self, unit: int) -> Array:
        """The rows of one cluster."""
        if self.rows is None or self.bounds is None:
            return np.array([unit if self.sequence is None else self.sequence[unit]])
        return self.rows[self.bounds[unit] : self.bounds[unit + 1]]


def _units(frame: pd.DataFrame, design: SampleDesign, request: _Request, unit: str | None) -> _Units:
    """The list, checked and sorted."""
    wanted = [design.strata, *design.stages, request.size, *request.order, *request.auxiliary, unit]
    check_columns([name for name in wanted if name], frame.columns, "the list of units")
    if not len(frame):
        raise DataError("the list of units is empty: nothing can be drawn.")
    named = [design.strata, *design.stages, unit]
    _no_blanks(frame, [name for name in named if name])
    if unit:
        _no_repeats(frame, [unit], unit)
    sequence = _sequence(frame, request.order)
    names, stratum = _codes(frame[design.strata]) if design.strata else (("",), None)
    if design.stages:
        return _clusters(frame, design.stages[0], request, names, stratum, sequence)
    size, auxiliary = _measures(frame, request)
    if sequence is not None:
        size, auxiliary = (values[sequence] if len(values) else values for values in (size, auxiliary))
        stratum = None if stratum is None else stratum[sequence]
    return _Units(names, stratum, size, auxiliary, None, None, sequence, np.empty(0), len(frame))


def _clusters(
    frame: pd.DataFrame, column: str, request: _Request, names: tuple[str, ...], stratum: Array | None,
    sequence: Array | None,
) -> _Units:  # fmt: skip
    """Rows gathered into clusters, which lie within strata; in the order of their first rows."""
    sequence = np.arange(len(frame)) if sequence is None else sequence
    row_stratum = np.zeros(len(frame), dtype=np.int64) if stratum is None else stratum
    labels, code = _codes(frame[column])
    key = (row_stratum * len(labels) + code)[sequence]
    unit, distinct = pd.factorize(key)
    rows = sequence[np.argsort(unit, kind="stable")]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(unit))])
    label = np.array(labels, dtype=object)[distinct % len(labels)]
    size, auxiliary = _cluster_measures(frame, request, rows, bounds, label)
    within = None if stratum is None else distinct // len(labels)
    return _Units(names, within, size, auxiliary, rows, bounds, None, label, len(distinct))


def _cluster_measures(
    frame: pd.DataFrame, request: _Request, rows: Array, bounds: Array, label: Array
) -> tuple[Array, Array]:
    """Sizes and balancing totals of clusters: a size column says the same in all rows, without one rows are counted."""
    size, auxiliary = _measures(frame, request)
    if len(auxiliary):
        auxiliary = np.add.reduceat(auxiliary[rows], bounds[:-1])
    if len(size):
        low, high = (extreme.reduceat(size[rows], bounds[:-1]) for extreme in (np.minimum, np.maximum))
        if (low < high).any():
            differing = label[low < high]
            cases = pd.DataFrame({"column": request.size, "value": differing, "problem": "size differs within cluster"})
            raise DataError(f"{request.size!r} says different sizes within {len(differing)} clusters "
                            f"({_listed(differing)}). Give every row of a cluster the size of the cluster.", cases)  # fmt: skip
        return low, auxiliary
    counted = request.method == "pps" and len(rows) > len(label)
    return (np.diff(bounds).astype(float) if counted else size), auxiliary


def _measures(frame: pd.DataFrame, request: _Request) -> tuple[Array, Array]:
    """(n,) sizes and (n, p) balancing variables, both empty where not asked for; every unusable cell is named."""
    size, columns = np.empty(0), []
    for name in dict.fromkeys([*([request.size] if request.size else []), *request.auxiliary]):
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        bad = ~((values > 0) & (values < np.inf)) if name == request.size else ~np.isfinite(values)
        if bad.any():
            rows = np.flatnonzero(bad)
            what = "is not a positive size" if name == request.size else "is not a number"
            cases = _cases(rows, name, frame[name].iloc[rows], what)
            hint = "A unit of size 0 could never be drawn: give it a size, or leave it out of the list and say so."
            raise DataError(f"{name!r} {what} in {len(rows)} rows ({_listed(cases['row'])})."
                            + (f" {hint}" if name == request.size else " Complete them."), cases)  # fmt: skip
        size = values if name == request.size else size
        columns += [values] if name in request.auxiliary else []
    return size, np.column_stack(columns) if columns else np.empty((len(frame) if columns else 0, 0))


def _sequence(frame: pd.DataFrame, order: tuple[str, ...]) -> Array | None:
    """(n,) rows sorted by the order columns; rows alike in all of them stay as they came."""
    if not order:
        return None
    keys = frame[list(order)].reset_index(drop=True)
    texts = [name for name in order if keys[name].dtype == object]
    keys = keys.assign(**{name: keys[name].astype(str) for name in texts})
    return keys.sort_values(list(order), kind="stable").index.to_numpy()


def _codes(column: pd.Series) -> tuple[tuple[str, ...], Array]:
    """Distinct labels as text, in order of appearance, and (n,) each row's place among them: 1, 1.0 and "1" are one."""
    code, found = pd.factorize(column)
    texts = [_text(label) for label in found]
    if len(set(texts)) == len(texts):
        return tuple(texts), code
    merged, names = pd.factorize(np.array(texts, dtype=object))
    return tuple(names), merged[code]


def _text(label: Any) -> str:
    whole = isinstance(label, (float, np.floating)) and float(label).is_integer()
    return str(int(label)) if whole else str(label)


def _no_blanks(frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = {name: np.flatnonzero(_blank(frame[name])) for name in names}
    cases = [_cases(rows, name, frame[name].iloc[rows], "missing") for name, rows in missing.items() if len(rows)]
    if cases:
        every = pd.concat(cases, ignore_index=True)
        listed = "; ".join(f"{name!r} in {len(rows)} rows" for name, rows in missing.items() if len(rows))
        raise DataError(f"the list of units does not say where some rows belong: {listed} "
                        f"(rows {_listed(every['row'])}). Complete them.", every)  # fmt: skip


def _blank(column: pd.Series) -> Array:
    gone = column.isna().to_numpy()
    if column.dtype.kind in "biuf":
        return gone
    return gone | np.array([isinstance(cell, str) and not cell.strip() for cell in column])


def _no_repeats(frame: pd.DataFrame, names: Sequence[str], what: str) -> None:
    again = frame.duplicated(list(names), keep=False).to_numpy()
    if again.any():
        rows = np.flatnonzero(again)
        cases = _cases(rows, what, frame[what].iloc[rows], "stands more than once")
        distinct = dict.fromkeys(map(_text, cases["value"]))
        raise DataError(f"{what!r}: {len(distinct)} units stand more than once in the list ({_listed(distinct)}). "
                        "A unit in two rows would be drawn twice as often: keep one row of each.", cases)  # fmt: skip


def _cases(rows: Array, column: str, values: Any, problem: str) -> pd.DataFrame:
    """One line per cell; rows count as a spreadsheet does, the header is row 1."""
    told = {"file": "the list of units", "row": rows + 2, "column": column, "value": list(values), "problem": problem}
    return pd.DataFrame(told)


def _listed(names: Any, most: int = _NAMED) -> str:
    names = list(names)
    return ", ".join(map(str, names[:most])) + (", …" if len(names) > most else "")


# --- how many ------------------------------------------------------------------------------------------------


def _numbers(n: Any, units: _Units, strata: str | None, what: str, *, total: bool) -> Array:
    """(H,) how many are drawn in each stratum; ``total`` where a single number would be ambiguous."""
    if isinstance(n, (int, float, np.integer, np.floating)) and not isinstance(n, bool):
        if strata and total:
            shown = _listed(f"{name} {len(own)}" for name, own in zip(units.names, units.members(), strict=True)
                            if own is not None)  # fmt: skip
            raise SpecError(f"n={n} does not say how it is spread over the strata of {strata!r} ({what} there: {shown}). "
                            "Give a number per stratum, n={'flagship': 5, …}, or an allocation.")  # fmt: skip
        return _whole(dict.fromkeys(units.names, n), what)
    if not strata:
        raise SpecError("n names strata, but the design has none: SampleDesign(strata='tier').")
    given = _per_stratum(n, strata)
    lacking = [name for name in units.names if name not in given]
    unknown = [name for name in given if name not in units.names]
    if lacking or unknown:
        said = [f"n says nothing of {_listed(lacking)}"] * bool(lacking)
        said += [f"the list has no units in {_listed(unknown)}"] * bool(unknown)
        cases = pd.DataFrame({"column": strata, "value": [*lacking, *unknown],
                              "problem": ["no number given"] * len(lacking) + ["no units"] * len(unknown)})  # fmt: skip
        raise DataError(f"strata {strata!r}: {'; '.join(said)}. Its strata are {_listed(units.names)}: give each a "
                        "number, or take the rows of a stratum out of the list and say so.", cases)  # fmt: skip
    return _whole({name: given[name] for name in units.names}, what)


def _per_stratum(n: Any, strata: str) -> dict[str, Any]:
    """A mapping or series, an allocation, or a table with columns n and stratum (or the name of the strata)."""
    if isinstance(n, (Mapping, pd.Series)):
        return {_text(name): number for name, number in n.items()}
    if hasattr(n, "by") and hasattr(n, "to_dict"):
        by = _names(n.by)
        if by not in ((strata,), ("stratum",)):
            raise SpecError(f"the allocation is by {' and '.join(map(repr, by))}, the design draws in strata of {strata!r}. "
                            f"Allocate with by={strata!r}, or name the same column in SampleDesign(strata=…).")  # fmt: skip
        return {_text(name): number for name, number in n.to_dict().items()}
    if not isinstance(n, pd.DataFrame) and not hasattr(n, "to_frame"):
        raise SpecError(f"n={n!r} is not a number, a mapping from stratum to number, or an allocation.")
    table = n if isinstance(n, pd.DataFrame) else n.to_frame()
    named = strata if strata in table.columns else "stratum"
    check_columns([named, "n"], table.columns, "the allocation")
    return {_text(name): number for name, number in zip(table[named], table["n"], strict=True)}


def _whole(numbers: Mapping[str, Any], what: str) -> Array:
    """(H,) numbers as whole ones of at least 1, all others named."""
    bad = {name: number for name, number in numbers.items()
           if isinstance(number, bool) or not isinstance(number, (int, float, np.integer, np.floating))
           or not float(number).is_integer() or number < 1}  # fmt: skip
    if bad:
        listed = _listed(f"{name + ': ' if name else ''}{number!r}" for name, number in bad.items())
        cases = pd.DataFrame(
            {"column": "n", "value": list(bad.values()), "stratum": list(bad), "problem": "not 1 or more"}
        )
        raise DataError(f"{what} to draw must be whole numbers from 1 on ({listed}). A stratum from which nothing is drawn "
                        "is not represented: join it to another, or leave it out of the list and say so.", cases)  # fmt: skip
    return np.array([int(number) for number in numbers.values()])


def _check_enough(n: Array, there: Array, names: Any, what: str, where: str) -> None:
    """Refuses to draw more than there are, naming every place where that would be so."""
    short = n > there
    if short.any():
        lines = [f"{name + ': ' if name else ''}{k} of {N}"
                 for name, k, N in zip(np.array(names)[short], n[short], there[short], strict=True)]  # fmt: skip
        cases = pd.DataFrame({"column": where, "value": np.array(names)[short], "wanted": n[short],
                              "there": there[short], "problem": f"fewer {what} than are to be drawn"})  # fmt: skip
        raise DataError(f"fewer {what} than are to be drawn ({_listed(lines)}). Draw fewer there, or join small "
                        f"{where} to others.", cases)  # fmt: skip


# --- the sample ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Sample(Result):
    """The units drawn, each with its probability and weight, and the design that the analysis reads.

    Attributes
    ----------
    frame : the drawn rows of the list, in its order and with its index; new columns stand at the end:
        ``inclusion_probability``; ``weight`` = 1/π; sizes of what was drawn from (``units_in_stratum``, or
        ``clusters_in_stratum`` and ``units_in_cluster``); drawn by size also ``error_population`` and, if
        units are certain, ``error_stratum`` (see :func:`draw`)
    design : SampleDesign that names these columns
    strata : one row per stratum: ``stratum, population, n, certain, rows``; population and n count first-stage units
    balance : one row per stratum and balancing variable: ``stratum, variable, total, estimate, difference``
        with ``difference = estimate/total − 1``; without rows for other methods
    joint : (n, n) probabilities that two rows are drawn together, where ``joint=True`` asked for it
    """

    design: SampleDesign = field(default_factory=SampleDesign)
    method: Method = "srs"
    within: Within = "srs"
    size: str | None = None
    order: tuple[str, ...] = ()
    shuffle: bool = False
    seed: int = 0
    strata: pd.DataFrame = field(default_factory=pd.DataFrame)
    balance: pd.DataFrame = field(default_factory=pd.DataFrame)
    joint: Array | None = None
    split: str | None = None
    units: str | None = None
    stages: int = 1

    def title(self) -> str:
        drawn, there = int(self.strata["n"].sum()), int(self.strata["population"].sum())
        if self.language == "zh":
            return f"样本：从 {there:,} 个{self._unit('zh')}中抽取 {drawn:,} 个{self._rows('zh')}"
        return f"Sample: {drawn:,} of {there:,} {self._unit('en')}{self._rows('en')}"

    def columns(self) -> tuple[Column, ...]:
        design = self.design
        labels = {**_LABELS, **({design.weight: _LABELS["weight"]} if design.weight else {})}
        count = {"units_in_stratum", "clusters_in_stratum", "units_in_cluster"}
        return tuple(
            Column(name, labels.get(name, {"en": name, "zh": name}),
                   "count" if name in count else "number" if name in labels and name != "error_stratum" else "text",
                   decimals=4 if name == "inclusion_probability" else 2)
            for name in map(str, self.frame.columns)
        )  # fmt: skip

    def shown(self) -> pd.DataFrame:
        """The first rows as text."""
        return Result.shown(replace(self, frame=self.frame.head(_SHOWN)))

    def note(self) -> str:
        said = [
            *self._first_rows(),
            self._how(),
            *self._counts(),
            *self._certainty(),
            *self._imbalance(),
            self._errors(),
        ]
        return "；".join(said) + "。" if self.language == "zh" else "; ".join(said) + "."

    def sentence(self) -> str:
        """The draw in one sentence."""
        low, high = (f"{value:,.4g}" for value in (self._weights.min(), self._weights.max()))
        drawn, there = int(self.strata["n"].sum()), int(self.strata["population"].sum())
        method = say(METHOD_WORDS[self.method], self.language)
        strata = len(self.strata) if self.split else 0
        if self.language == "zh":
            each = f"权数 {low}" if low == high else f"权数 {low} 至 {high}"
            inside = f"（{strata} 层）" if strata else ""
            return f"采用{method}，从 {there:,} 个{self._unit('zh')}{inside}中抽取 {drawn:,} 个{self._rows('zh')}；{each}（种子 {self.seed}）。"
        each = f"weight {low}" if low == high else f"weights from {low} to {high}"
        inside = f" in {strata} strata" if strata else ""
        noun = self._unit("en")
        return f"{drawn:,} of {there:,} {noun}{inside}{self._rows('en')} were drawn by {method}; {each} (seed {self.seed})."

    @property
    def _weights(self) -> Array:
        return np.asarray(1 / self.frame["inclusion_probability"].to_numpy())

    def _unit(self, language: str) -> str:
        if not self.units:
            return "单元" if language == "zh" else "units"
        named = self.column_words(self.units)
        return f"群（{named}）" if language == "zh" else f"clusters ({named})"

    def _rows(self, language: str) -> str:
        if not self.units or (self.stages == 1 and len(self.frame) == self.strata["n"].sum()):
            return ""
        rows = f"{len(self.frame):,}"
        return f"及其中 {rows} 个单元" if language == "zh" else f" and {rows} units in them"

    def _first_rows(self) -> list[str]:
        if len(self.frame) <= _SHOWN:
            return []
        return [f"显示前 {_SHOWN} 行，共 {len(self.frame):,} 行" if self.language == "zh"
                else f"first {_SHOWN} of {len(self.frame):,} rows shown"]  # fmt: skip

    def _how(self) -> str:
        chinese = self.language == "zh"
        said = say(METHOD_WORDS[self.method], self.language)
        if self.method == "pps" or self.size:
            size = self.column_words(self.size) if self.size else "群内行数" if chinese else "rows in the cluster"
            said += f"，规模：{size}" if chinese else f", size: {size}"
        if self.method in ("systematic", "pps") or self.order:
            said += self._sorted()
        if self.stages == 2:
            inside = say(METHOD_WORDS[self.within], self.language)
            said += f"；群内：{inside}" if chinese else f"; within clusters: {inside}"
        return said + (f"；种子 {self.seed}" if chinese else f"; seed {self.seed}")

    def _sorted(self) -> str:
        if self.shuffle:
            return "，随机排序" if self.language == "zh" else ", in random order"
        if not self.order:
            return "，按名单顺序" if self.language == "zh" else ", in the order of the list"
        named = [self.column_words(name) for name in self.order]
        return spaced(f"，按{'、'.join(named)}排序") if self.language == "zh" else f", sorted by {', '.join(named)}"

    def _counts(self) -> list[str]:
        if not self.split:
            return []
        shown = self.strata.head(_SHOWN)
        more = len(self.strata) - len(shown)
        if self.language == "zh":
            told = "、".join(f"{self._stratum(row.stratum)} {row.n:,}/{row.population:,}" for row in shown.itertuples())
            return [f"各层抽取数/总数：{told}" + (f" 等，另有 {more} 层" if more else "")]
        told = ", ".join(f"{self._stratum(row.stratum)} {row.n:,} of {row.population:,}" for row in shown.itertuples())
        return [f"drawn per stratum: {told}" + (f" and {more} strata more" if more else "")]

    def _stratum(self, value: Any) -> str:
        return self.value_words(self.split or "", value)

    def _certainty(self) -> list[str]:
        certain = int(self.strata["certain"].sum())
        if not certain:
            return []
        chinese = self.language == "zh"
        return [f"必选单元（入样概率为 1）{certain:,} 个" if chinese else f"certain (probability 1): {certain:,}"]

    def _imbalance(self) -> list[str]:
        if self.balance.empty:
            return []
        worst = self.balance.iloc[int(self.balance["difference"].abs().fillna(0.0).argmax())]
        value, where = f"{100 * worst['difference']:+.1f}%", self._stratum(worst["stratum"]) if self.split else ""
        named = self.column_words(worst["variable"])
        if self.language == "zh":
            return [f"与已知总量的最大偏差：{named}{f'（{where}）' if where else ''} {value}"]
        return [f"largest distance from a known total: {named}{f' ({where})' if where else ''} {value}"]

    def _errors(self) -> str:
        chinese = self.language == "zh"
        if self.design.population and "error_population" in self.design.population_columns:
            return ("有限总体校正取各层最小入样概率，误差不会被低估；必选单元自成一层" if chinese else
                    "the finite population correction is that of the stratum's smallest probability, so that errors "
                    "are not understated; certain units are a stratum of their own")  # fmt: skip
        if self.method == "srs":
            return "误差计入有限总体" if chinese else "errors count the finite population"
        return ("误差按各层随机抽取计算，对系统抽样和平衡抽样通常偏大" if chinese else
                "errors are computed as if units were drawn at random in each stratum: usually too large rather than too "
                "small")  # fmt: skip


def draw(
    frame: pd.DataFrame,
    design: SampleDesign,
    n: Any,
    *,
    method: Method = "srs",
    size: str | None = None,
    order: str | Sequence[str] | None = None,
    shuffle: bool = False,
    auxiliary: str | Sequence[str] = (),
    within: Within = "srs",
    unit: str | None = None,
    joint: bool = False,
    seed: int,
) -> Sample:
    """Draws a probability sample from a list of units (stores, customers), in each stratum and in one or two stages.

    Parameters
    ----------
    frame : one row per unit; it is only read
    design : SampleDesign
        ``strata``: drawn from separately. ``clusters``: drawn first. A cluster belongs to its stratum: store 1 of two
        cities is two stores. ``weight`` names the column of weights to make (default "weight").
    n : how many
        A number; with strata a number for each: a mapping, an allocation by the same column, or a table with this column
        (or ``stratum``) and ``n``. For two stages a pair ``(clusters, units in each cluster)`` of these. With clusters and no pair,
        clusters are drawn: of a list with a row per cluster, or with all their rows if ``design.whole_clusters``.
    method : {"srs", "systematic", "pps", "balanced"}
        How the first stage is drawn. *srs*: at random. *systematic*: every N/n-th unit from a random start. *pps*:
        systematic with ``π = n x/Σx``; units that would exceed 1 are certain. *balanced*: the cube method, with equal
        probabilities or by ``size``.
    size : column with positive sizes x (customers per month). Drawing clusters from a list of their units by pps needs
        none: their rows are counted.
    order : columns to sort by before drawing. Systematic samples then spread over what is sorted by (implicit strata).
        Sorted by a column without ties, the draw does not depend on the order of the rows; otherwise it does.
    shuffle : put units in random order before a systematic pass, so that no pattern of the list can be in step with it
    auxiliary : columns whose totals a balanced sample is to meet, the most important first. For clusters their rows
        are added up.
    within : {"srs", "systematic"}, how units are drawn in a cluster
    unit : column that names the units: no name may stand twice
    joint : also compute the probabilities of all pairs (one stage, srs, systematic or pps in a given order)
    seed : whole number. Same list, same seed, same sample. Each stratum, and each cluster in it, has random numbers of
        its own, made from the seed and its name: adding a stratum changes nothing in the others.

    Returns
    -------
    Sample
        A :class:`~survey_design.results.Result` of the drawn rows. ``sample.design`` names their columns and goes
        to ``read_responses()`` as it is.

    Notes
    -----
    The weight is ``1/π``, with ``π = π₁ π₂`` in two stages; ``Σ w y`` is unbiased for the population's total (Horvitz
    and Thompson). Clusters by pps of their number of units and the same number of units in each give all units the same
    weight. For the errors, units drawn with equal probability carry the sizes they were drawn from. Drawn by size, the
    stratum's correction uses its smallest probability (``error_population = n/π_min``): the error is then never less
    than with ``1 − π`` of each unit. Certain units come from no chance; they stand as a stratum that was completely
    visited (``error_stratum``).

    A list with one row per cluster is the start of a second stage: people will be asked in what was drawn. To analyse
    the clusters themselves, name no clusters (``SampleDesign(strata="tier")``): then rows are units.

    Raises
    ------
    DataError
        Blank strata, repeated units, sizes of 0, strata with too few units: all of them, in ``error.cases``.

    References
    ----------
    Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, Springer. Horvitz and Thompson (1952),
    J. Am. Stat. Assoc. 47, 663-685, doi:10.1080/01621459.1952.10483446. Deville and Tillé (2004), doi:10.1093/biomet/91.4.893. Checked by 20,000 draws
    of each kind (docs/draws.md) and by listing all possible samples (tests/test_selection.py).

    Examples
    --------
    >>> stores = pd.DataFrame(
    ...     {
    ...         "store": [f"S{k:02d}" for k in range(1, 11)],
    ...         "tier": ["flagship"] * 4 + ["ordinary"] * 6,
    ...         "traffic": [900, 300, 200, 100, 60, 50, 40, 30, 20, 10],
    ...     }
    ... )
    >>> sample = draw(
    ...     stores,
    ...     SampleDesign(strata="tier", clusters="store"),
    ...     {"flagship": 2, "ordinary": 3},
    ...     method="pps",
    ...     size="traffic",
    ...     seed=1,
    ... )
    >>> sample.to_frame()[["store", "inclusion_probability", "weight"]].round(3).to_numpy().tolist()[:3]
    [['S01', 1.0, 1.0], ['S02', 0.5, 2.0], ['S05', 0.857, 1.167]]
    >>> sample.sentence()
    '5 of 10 clusters (store) in 2 strata were drawn by systematic sampling with probability proportional to size; weights from 1 to 3.5 (seed 1).'
    >>> sample.design.column_names()
    ['error_stratum', 'store', 'weight', 'error_population']
    """
    ready = prepare_draw(frame, design, n, method=method, size=size, order=order, shuffle=shuffle, auxiliary=auxiliary,
                         within=within, unit=unit)  # fmt: skip
    return ready.sample(seed, joint=joint)


def prepare_draw(
    frame: pd.DataFrame,
    design: SampleDesign,
    n: Any,
    *,
    method: Method = "srs",
    size: str | None = None,
    order: str | Sequence[str] | None = None,
    shuffle: bool = False,
    auxiliary: str | Sequence[str] = (),
    within: Within = "srs",
    unit: str | None = None,
) -> Drawing:
    """A draw that is checked and ready, to be repeated with many seeds: parameters as in :func:`draw`.

    >>> ready = prepare_draw(pd.DataFrame({"store": range(10)}), SampleDesign(), 3)
    >>> rows, pi = ready.rows(seed=1)
    >>> rows.tolist() == ready.sample(seed=1).frame["store"].tolist(), pi.tolist()
    (True, [0.3, 0.3, 0.3])
    """
    request = _Request(method, size, _names(order), shuffle, _names(auxiliary), within)
    _check_design(frame, design)
    units = _units(frame, design, request, unit)
    _check_stages(design, units, n, method)
    wanted, below = _wanted(n, design, units)
    return Drawing(frame, design, request, units, units.members(), wanted, below)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A list, checked, and how many of whom are to be drawn from it; made by :func:`prepare_draw`."""

    frame: pd.DataFrame
    design: SampleDesign
    _request: _Request
    _units: _Units
    _members: list[Array | None]
    _wanted: Array
    _below: Array | None

    def rows(self, seed: int) -> tuple[Array, Array]:
        """(n,) places of the drawn rows in the list, in its order, and their inclusion probabilities."""
        drawn, rows = self._drawn(seed)
        sorted_ = np.argsort(rows.row, kind="stable")
        return rows.row[sorted_], drawn.pi[rows.of[sorted_]] * rows.pi[sorted_]

    def sample(self, seed: int, *, joint: bool = False) -> Sample:
        """The same rows as a :class:`Sample`."""
        if joint:
            _check_pairs(self._request, self._below is not None, self._units)
        drawn, rows = self._drawn(seed)
        pairs = _joint(self._units, drawn, self._wanted, self._request) if joint else None
        return _sample(self, drawn, rows, seed, pairs)

    def _drawn(self, seed: int) -> tuple[_Drawn, _Rows]:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise SpecError(f"seed={seed!r} must be a whole number from 0 on: the same seed draws the same sample.")
        drawn = _draw_units(self._units, self._members, self._wanted, self._request, seed)
        return drawn, _draw_rows(self._units, drawn, self._below, self._request, seed)


def _wanted(n: Any, design: SampleDesign, units: _Units) -> tuple[Array, Array | None]:
    """(H,) how many to draw of each stratum, and in each of its clusters where units are drawn in them."""
    first, second = n if isinstance(n, tuple) else (n, None)
    what = "clusters" if design.stages else "units"
    wanted = _numbers(first, units, design.strata, what, total=True)
    _check_enough(wanted, units.per_stratum(), units.names, what, "strata")
    if second is None or units.bounds is None:
        return wanted, None
    below = _numbers(second, units, design.strata, "units in a cluster", total=False)
    stratum = np.zeros(len(units), dtype=int) if units.stratum is None else units.stratum
    _check_enough(below[stratum], np.diff(units.bounds), units.labels, "units", "clusters")
    return wanted, below


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The first stage: (u,) units, strata and probabilities, and (H,) the smallest probability in each stratum."""

    unit: Array
    stratum: Array
    pi: Array
    smallest: Array
    members: list[Array | None]


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows taken: (r,) place in the list, place among the drawn units, probability within, units drawn from."""

    row: Array
    of: Array
    pi: Array
    there: Array


def _draw_units(units: _Units, members: list[Array | None], wanted: Array, request: _Request, seed: int) -> _Drawn:
    chosen = [request.choose(units, own, int(k), stream(seed, "first stage", name))
              for name, own, k in zip(units.names, members, wanted, strict=True)]  # fmt: skip
    unit = [each.places if own is None else own[each.places] for each, own in zip(chosen, members, strict=True)]
    return _Drawn(np.concatenate(unit), np.repeat(np.arange(len(members)), wanted),
                  np.concatenate([each.pi for each in chosen]), np.array([each.smallest for each in chosen]),
                  members)  # fmt: skip


def _draw_rows(units: _Units, drawn: _Drawn, within: Array | None, request: _Request, seed: int) -> _Rows:
    """The units themselves, all rows of the clusters, or some of them."""
    every = np.ones(len(drawn.unit))
    if units.rows is None or units.bounds is None:
        row = drawn.unit if units.sequence is None else units.sequence[drawn.unit]
        return _Rows(row, np.arange(len(row)), every, every)
    there = np.diff(units.bounds)[drawn.unit]
    if within is None:
        row = np.concatenate([units.rows_of(unit) for unit in drawn.unit])
        return _Rows(row, np.repeat(np.arange(len(there)), there), np.ones(len(row)), np.repeat(there, there))
    m = within[drawn.stratum]
    places = [
        _equally(request.within, int(M), int(k), stream(seed, "within", units.names[h], units.labels[unit]))
        for unit, h, M, k in zip(drawn.unit, drawn.stratum, there, m, strict=True)
    ]
    row = np.concatenate([units.rows_of(unit)[own] for unit, own in zip(drawn.unit, places, strict=True)])
    return _Rows(row, np.repeat(np.arange(len(m)), m), np.repeat(m / there, m), np.repeat(there, m))


def _joint(units: _Units, drawn: _Drawn, wanted: Array, request: _Request) -> Array:
    """(u, u) probabilities that two units are drawn together; strata are independent."""
    together = np.outer(drawn.pi, drawn.pi)
    for h, own in enumerate(drawn.members):
        N, n = len(units) if own is None else len(own), int(wanted[h])
        if N > _JOINT:
            raise SpecError(
                f"joint=True looks at all pairs of a stratum: {N:,} units are too many, {_JOINT:,} are not."
            )
        inside = np.flatnonzero(drawn.stratum == h)
        places = drawn.unit[inside] if own is None else np.searchsorted(own, drawn.unit[inside])
        if request.method == "srs":
            pairs = joint_inclusion_srs(N, n)
        else:
            by_size = request.method == "pps"
            pairs = joint_inclusion_systematic(inclusion_probabilities(_taken(units.size, own), n) if by_size
                                               else np.full(N, n / N))  # fmt: skip
        together[np.ix_(inside, inside)] = pairs[np.ix_(places, places)]
    return together


def _sample(ready: Drawing, drawn: _Drawn, rows: _Rows, seed: int, joint: Array | None) -> Sample:
    """The drawn rows in the order of the list, with the columns that say how they were drawn."""
    design, request, units, two = ready.design, ready._request, ready._units, ready._below is not None
    sorted_ = np.argsort(rows.row, kind="stable")
    of = rows.of[sorted_]
    strata = _strata_table(units, drawn, rows)
    added, handed = _added(design, request, units, drawn, strata, two)
    pi = drawn.pi[of] * rows.pi[sorted_]
    columns: dict[str, Array] = {"inclusion_probability": pi, str(handed.weight): 1 / pi}
    columns |= {name: value[of] for name, value in added.items()}
    if two:
        columns["units_in_cluster"] = rows.there[sorted_]
    table = ready.frame.iloc[rows.row[sorted_]].assign(**columns)
    return Sample(
        table, design=handed, method=request.method, within=request.within, size=request.size, order=request.order,
        shuffle=request.shuffle, seed=int(seed), strata=strata, balance=_balance(units, drawn, request),
        joint=None if joint is None else joint[np.ix_(of, of)], split=design.strata,
        units=design.stages[0] if design.stages else None, stages=1 + two,
    )  # fmt: skip


def _strata_table(units: _Units, drawn: _Drawn, rows: _Rows) -> pd.DataFrame:
    H = len(units.names)
    there = [len(units) if own is None else len(own) for own in drawn.members]
    certain = np.bincount(drawn.stratum[drawn.pi == 1], minlength=H)
    return pd.DataFrame({
        "stratum": units.names, "population": there, "n": np.bincount(drawn.stratum, minlength=H), "certain": certain,
        "rows": np.bincount(drawn.stratum[rows.of], minlength=H),
    })  # fmt: skip


def _added(
    design: SampleDesign, request: _Request, units: _Units, drawn: _Drawn, strata: pd.DataFrame, two: bool
) -> tuple[dict[str, Array], SampleDesign]:
    """(u,) columns of the first stage, and the design that names them."""
    counted = "clusters_in_stratum" if design.stages else "units_in_stratum"
    added: dict[str, Array] = {counted: strata["population"].to_numpy()[drawn.stratum]}
    split, population = design.strata, counted
    if request.by_size:
        population, certain = "error_population", drawn.pi == 1
        left = (strata["n"] - strata["certain"]).to_numpy()
        sizes = np.where(certain, strata["certain"].to_numpy()[drawn.stratum], (left / drawn.smallest)[drawn.stratum])
        added[population] = sizes
        if (certain & (left > 0)[drawn.stratum]).any():
            split = "error_stratum"
            added[split] = _error_strata(np.array(units.names, dtype=object)[drawn.stratum], certain)
    whole = design.whole_clusters or (bool(design.stages) and not two and units.gathered)
    handed = replace(design, strata=split, weight=design.weight or "weight", selection="probability",
                     population=(population, "units_in_cluster") if two else population, whole_clusters=whole)  # fmt: skip
    return added, handed


def _error_strata(names: Array, certain: Array) -> Array:
    """(u,) strata in which certain units stand apart."""
    others = frozenset(names)
    called = {pair: error_stratum(*pair, others) for pair in set(zip(names, certain.tolist(), strict=True))}
    return np.array([called[pair] for pair in zip(names, certain.tolist(), strict=True)], dtype=object)


def _balance(units: _Units, drawn: _Drawn, request: _Request) -> pd.DataFrame:
    """Known totals of the balancing variables beside what the sample makes of them."""
    lines = []
    for h, own in enumerate(drawn.members if request.auxiliary else []):
        known = _taken(units.auxiliary, own).sum(axis=0)
        inside = drawn.stratum == h
        found = (units.auxiliary[drawn.unit[inside]] / drawn.pi[inside, None]).sum(axis=0)
        lines += [(units.names[h], *each) for each in zip(request.auxiliary, known, found, strict=True)]
    names = ["stratum", "variable", "total", "estimate", "difference"]
    return pd.DataFrame([(*line, _relative(line[3], line[2])) for line in lines], columns=names)


def _relative(found: float, known: float) -> float:
    """``found/known − 1``, nan where nothing is known but 0."""
    return found / known - 1 if known else float("nan")


# --- what does not go together -------------------------------------------------------------------------------


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def _check_design(frame: Any, design: Any) -> None:
    """Refuses a design that says already what drawing is to find out, and columns that would be overwritten."""
    if not isinstance(frame, pd.DataFrame) or not isinstance(design, SampleDesign):
        raise SpecError("draw(frame, design, n) takes a DataFrame with a row per unit and a SampleDesign; these are "
                        f"{type(frame).__name__} and {type(design).__name__}.")  # fmt: skip
    if design.population is not None:
        raise SpecError(
            "the design names population=, but draw() counts the population in the list itself. Leave it out."
        )
    made = [design.weight or "weight", *(name for name in _LABELS if name != "weight")]
    taken = [name for name in made if name in frame.columns]
    if taken:
        raise SpecError(f"the list has columns that the draw would write: {', '.join(map(repr, taken))}. Rename them, or name "
                        "the new weight: SampleDesign(weight='draw_weight').")  # fmt: skip


def _check_stages(design: SampleDesign, units: _Units, n: Any, method: Method) -> None:
    """Refuses a list that does not fit the stages asked for."""
    two = isinstance(n, tuple)
    if two and len(n) != 2:
        raise SpecError(f"n={n!r}: give a number, or a pair (clusters, units in each cluster).")
    if two and not design.stages:
        raise SpecError(f"n={n!r} draws clusters and units in them, but the design has no clusters: "
                        "SampleDesign(clusters='store').")  # fmt: skip
    if len(design.stages) == 2 and not two:
        raise SpecError(f"clusters={design.stages!r} are two stages: give n as a pair (first, second).")
    if method == "pps" and not len(units.size):
        raise SpecError("method='pps' needs size=: the column to whose values probabilities are proportional.")
    if not design.stages or units.bounds is None:
        return
    rows, column = np.diff(units.bounds), design.stages[0]
    if two and rows.max() == 1:
        raise DataError(f"every {column!r} has one row in the list: there is nobody to draw in it. Give n as one number to "
                        "draw clusters, or a list with a row per unit.")  # fmt: skip
    if not two and rows.max() > 1 and not design.whole_clusters:
        many = units.labels[rows > 1]
        cases = pd.DataFrame({"file": "the list of units", "column": column, "value": many, "rows": rows[rows > 1],
                              "problem": "stands more than once"})  # fmt: skip
        raise DataError(f"{len(many)} clusters of {column!r} have more than one row ({_listed(many)}). If rows are units in "
                        "them, give n as a pair (clusters, units in each), or SampleDesign(whole_clusters=True) to take "
                        "all; if a cluster stands there twice by mistake, keep one row.", cases)  # fmt: skip


def _check_pairs(request: _Request, two: bool, units: _Units) -> None:
    """Refuses to give the probabilities of pairs where they are not known exactly."""
    if (
        two
        or request.shuffle
        or request.method == "balanced"
        or (units.rows is not None and len(units.rows) > len(units))
    ):
        raise SpecError("joint=True: pairs have known probabilities in one stage drawn by 'srs', 'systematic' or 'pps' "
                        "in a given order, not after shuffle=True, by 'balanced', or with rows in clusters.")  # fmt: skip
