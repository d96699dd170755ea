"""Do the weighted answers add up to what is known of the population? Raking, post-stratification, calibration.

Each function changes the base weights as little as it can so that known totals are met, and returns a
:class:`Calibration`: a balance table before and after, the new weights, and a ``SampleDesign`` that carries the
margins, so that errors count them in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Result
from survey_design.sampling.allocation import weighting_deff
from survey_design.sampling.design import SampleDesign
from survey_design.sampling.margins import (
    How,
    Margin,
    Margins,
    crossed_codes,
    label_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Method = Literal["linear", "raking", "logit"]
Bounds = tuple[float, float]
Totals = Mapping[Any, Any]

_SETTLED = 1e-12  # relative misfit under which rounding is all that is left
_SAME_SUM = 1e-9
_MET = 1e-6  # distance from a target that is not worth a word
_MOST_CELLS = 2**22  # crossed categories that are held as one table
_SWEEPS, _STEPS, _HALVINGS = 1000, 100, 40
_TRIMS = 10_000
_MOST_LISTED = 8
_COLUMNS = (
    Column("margin", {"en": "margin", "zh": "边际"}),
    Column("category", {"en": "category", "zh": "类别"}),
    Column("target", {"en": "target", "zh": "目标"}, "number"),
    Column("before", {"en": "before", "zh": "调整前"}, "number"),
    Column("after", {"en": "after", "zh": "调整后"}, "number"),
    Column("difference", {"en": "after − target", "zh": "调整后 − 目标"}, "signed"),
    Column("n", {"en": "n", "zh": "样本量"}, "count"),
)


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """Calibrated weights, and how well they meet what is known.

    Frame columns: ``margin, category, target, before, after, difference, n``; "before" are the base weights, scaled to
    the size of the population.

    Attributes
    ----------
    weights : Series of the new weights, with the index of the data
    design : SampleDesign whose weight is the new column, and which carries the margins
    base : (n,) the weights before
    rounds : sweeps over the margins, or Newton steps
    missed : largest distance from a target, as a share of it
    n_floor, n_cap : weights raised to a floor, and held by a cap
    shares : True if targets were given as shares and the base weights' own sum was kept
    """

    weights: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    design: SampleDesign = field(default_factory=SampleDesign)
    base: Array = field(default_factory=lambda: np.zeros(0))
    rounds: int = 0
    missed: float = 0.0
    n_floor: int = 0
    n_cap: int = 0
    shares: bool = False
    given: pd.DataFrame = field(default_factory=pd.DataFrame)

    def data(self) -> pd.DataFrame:
        """The given frame with the column of new weights; the given frame itself stays as it was."""
        return self.given.assign(**{str(self.weights.name): self.weights})

    @property
    def n(self) -> int:
        """Rows that were weighted."""
        return len(self.weights)

    @property
    def deff(self) -> float:
        """Kish's loss of precision by unequal weights, ``n sum w² / (sum w)²``."""
        return weighting_effect(self.weights.to_numpy())

    @property
    def deff_before(self) -> float:
        """The same of the base weights."""
        return weighting_effect(self.base)

    @property
    def n_effective(self) -> float:
        """Kish's effective sample size, ``(sum w)² / sum w²``."""
        return self.n / self.deff

    def title(self) -> str:
        return "权数校准：调整前后" if self.language == "zh" else "Calibration of weights: before and after"

    def columns(self) -> tuple[Column, ...]:
        return _COLUMNS

    def shown(self) -> pd.DataFrame:
        """The table as text, margins and categories in words where :meth:`with_labels` gave any."""
        return Result.shown(replace(self, frame=self.frame.assign(**self.row_words())))

    def row_words(self) -> dict[str, list[str]]:
        """Margin and category of each row, in words."""
        margins, categories, called = [], [], self._columns_called()
        for part in self._margins.parts:
            for category in part.categories or ((),):
                told = [self.value_words(*each) for each in zip(part.columns, category, strict=False)]
                margins.append(part.name(self.language, called))
                categories.append(" × ".join(told))
        return {"margin": margins, "category": categories}

    def _columns_called(self) -> dict[str, str]:
        return {name: self.column_words(name) for name in self.called}

    def sentence(self) -> str:
        """What was done and what it costs, in one sentence."""
        words, kept = self._margins.words(self.language, self._columns_called()), f"{self.n_effective:,.0f}"
        if self.language == "zh":
            return f"权数{words}；{self.n:,} 份回答的精度相当于 {kept} 份等权回答（Kish 设计效应 {self.deff:.2f}）。"
        return (
            f"Weights were {words}; {self.n:,} answers are as precise as {kept} of equal weight "
            f"(Kish deff {self.deff:.2f})."
        )

    def note(self) -> str:
        ratio = self.weights.to_numpy() / self.base
        low, high, zh = ratio.min(), ratio.max(), self.language == "zh"
        before, missed = f"{self.deff_before:.2f}", f"{100 * self.missed:.2g}%"
        met = self.missed < _MET
        if zh:
            parts = [self.sentence().rstrip("。"), f"校准前 Kish 设计效应 {before}", f"新旧权数之比 {low:.3g} 至 {high:.3g}",
                     f"{self.rounds} 轮迭代后，" + ("所有目标均已达到" if met else f"与目标的最大偏差为 {missed}")]  # fmt: skip
            parts += (
                [f"{self.n_floor:,} 个权数升至下限，{self.n_cap:,} 个被上限截断"] if self.n_floor + self.n_cap else []
            )
            parts += ["权数已截断，因此不再完全符合目标"] if self._margins.untrimmed_weight else []
            parts += [f"目标以占比给出，基础权数之和 {self.base.sum():,.6g} 保持不变"] if self.shares else []
            return "；".join(parts) + "。"
        parts = [self.sentence().rstrip("."), f"before Kish deff {before}", f"new weights are {low:.3g} to {high:.3g} times the base",
                 f"after {self.rounds} round{'s' * (self.rounds != 1)} " + ("all targets are met" if met else f"targets are missed by up to {missed}")]  # fmt: skip
        parts += [f"{self.n_floor:,} weights raised to a floor, {self.n_cap:,} held by a cap"] if self.n_floor + self.n_cap else []  # fmt: skip
        parts += ["weights were trimmed, so that targets are no longer met exactly"] if self._margins.untrimmed_weight else []  # fmt: skip
        parts += [f"targets were shares, and the base weights' sum of {self.base.sum():,.6g} was kept"] if self.shares else []  # fmt: skip
        return "; ".join(parts) + "."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Distance from each target before and after."""
        from survey_design.plots.calibration import draw_calibration

        return draw_calibration(self, ax)

    @property
    def _margins(self) -> Margins:
        if self.design.margins is None:
            raise SpecError("this design carries no margins.")
        return self.design.margins


def rake(
    frame: pd.DataFrame,
    design: SampleDesign | None,
    margins: Totals,
    *,
    population: float | None = None,
    bounds: Bounds | None = None,
    weight_bounds: Bounds | None = None,
    tolerance: float = 1e-8,
    weight: str = "weight_raked",
    language: Language = "en",
) -> Calibration:
    """Weights that meet several known distributions at once, each on its own (iterative proportional fitting).

    Parameters
    ----------
    frame : DataFrame, one row per respondent; it is not changed
    design : SampleDesign, optional
        Its weight is the base weight: the new weight is the base times one factor per margin. Without one everybody
        counts the same to begin with.
    margins : mapping from a column, or a tuple of columns that are crossed, to {category: people or share}
        ``{"tier": {"core": 400, "other": 600}, ("sex", "age"): {("f", "18-34"): 120, ...}}``. All totals in people, or
        shares that add up to 1.
    population : size of the population, for shares; without it the sum of the base weights is kept, and the note says so
    bounds : (low, high), how many times its base a weight may become, low < 1 < high where the sum is kept
    weight_bounds : (low, high) of the weights themselves
    tolerance : largest distance from a target that is accepted, as a share of it
    weight : name of the new column
    language : {"en", "zh"} of the result

    Returns
    -------
    Calibration

    Raises
    ------
    DataError
        A category without target or without respondents, or a row without category (``.cases`` lists all of them); base
        weights that are missing or not positive; margins that cannot be met, with the worst category by name.
    SpecError
        Margins whose totals disagree; bounds that exclude every solution.

    Notes
    -----
    With base weights d and factors f of the categories of margin k, ``w = d f1 f2 ...``; sweep after sweep each margin's
    factors are multiplied by target / weighted sum. Among all weights that meet the margins these are the nearest to d in
    ``sum w log(w/d) - w + d``. With bounds the same distance is minimised between them (Newton's method), which meets the
    margins exactly, unlike trimming afterwards.

    References
    ----------
    Deming and Stephan (1940), Ann. Math. Statist. 11, 427-444, doi:10.1214/aoms/1177731829. Deville, Särndal and Sautory
    (1993), J. Am. Statist. Assoc. 88, 1013-1020, doi:10.1080/01621459.1993.10476369. Checked against R's ``survey`` 4.1
    (tests/test_calibration.py): weights row by row against ``rake()``, standard errors against
    ``calibrate(calfun = "raking")``. The errors after R's own ``rake()`` are the same where base weights are equal; where
    they differ R takes means of the cells without weights out of the influence, and its errors differ from these.

    Examples
    --------
    >>> frame = pd.DataFrame({"tier": ["core", "core", "core", "other"], "sex": ["f", "m", "f", "m"]})
    >>> raked = rake(frame, None, {"tier": {"core": 50, "other": 50}, "sex": {"f": 40, "m": 60}})
    >>> raked.weights.round(2).tolist()
    [20.0, 10.0, 20.0, 50.0]
    >>> raked.design.sentence()
    'Respondents were chosen in a way that is not stated; weight: weight_raked, raked to tier and sex.'
    >>> print(raked.sentence())
    Weights were raked to tier and sex; 4 answers are as precise as 3 of equal weight (Kish deff 1.36).
    """
    task = _Task.of(frame, design, margins, population, weight, categorical=True)
    asked = _Asked("raked", tolerance, weight, language)
    if bounds is None and weight_bounds is None:
        cells = task.cells()
        factors, rounds = raked_factors(cells.base, cells.codes, [part.target for part in task.parts])
        return task.result(task.base * cells.of_rows(factors), rounds, asked)
    return _bounded(task, "raking", bounds, weight_bounds, asked)


def poststratify(
    frame: pd.DataFrame,
    design: SampleDesign | None,
    totals: Totals,
    *,
    population: float | None = None,
    weight: str = "weight_poststratified",
    language: Language = "en",
) -> Calibration:
    """Weights that meet one known distribution: base weights times target / weighted sum, cell by cell.

    Parameters
    ----------
    frame, design, population, weight, language : as in :func:`rake`
    totals : mapping with one entry: a column, or a tuple of crossed columns, to {category: people or share}

    Returns
    -------
    Calibration

    References
    ----------
    Holt and Smith (1979), J. R. Statist. Soc. A 142, 33-46, doi:10.2307/2344652. Checked against R's ``survey`` 4.1,
    weights and standard errors (tests/test_calibration.py).

    Examples
    --------
    >>> frame = pd.DataFrame({"tier": ["core", "core", "other"], "weight": [1, 2, 1]})
    >>> poststratify(frame, SampleDesign(weight="weight"), {"tier": {"core": 60, "other": 40}}).weights.tolist()
    [20.0, 40.0, 40.0]
    """
    if len(totals) != 1:
        raise SpecError(f"totals names {len(totals)} margins; post-stratification knows one. Cross their columns in a tuple where "
                        "the crossed totals are known, or use rake().")  # fmt: skip
    task = _Task.of(frame, design, totals, population, weight, categorical=True)
    cells = task.cells()
    factors, rounds = raked_factors(cells.base, cells.codes, [task.parts[0].target])
    return task.result(
        task.base * cells.of_rows(factors), rounds, _Asked("post-stratified", _SAME_SUM, weight, language)
    )


def calibrate(
    frame: pd.DataFrame,
    design: SampleDesign | None,
    totals: Totals,
    *,
    method: Method = "linear",
    population: float | None = None,
    bounds: Bounds | None = None,
    weight_bounds: Bounds | None = None,
    tolerance: float = 1e-8,
    weight: str = "weight_calibrated",
    language: Language = "en",
) -> Calibration:
    """Weights that meet known totals of categories and of numbers (generalised raking).

    Parameters
    ----------
    frame, design, tolerance, weight, language : as in :func:`rake`
    totals : mapping from a column, or a tuple of crossed columns, to {category: people}, or from a numeric column to its sum
        over the population: ``{"tier": {"core": 400, "other": 600}, "visits": 5200}``
    method : {"linear", "raking", "logit"}
        The distance from the base weights. "linear" is the regression estimator (GREG); its weights can become negative,
        which is refused. "raking" keeps them positive. "logit" needs bounds, and approaches them smoothly.
    population : size of the population; given without any categories, weights add up to it
    bounds, weight_bounds : as in :func:`rake`

    Returns
    -------
    Calibration

    Notes
    -----
    ``w = d F(x'λ)`` with x a respondent's margin values and λ so that ``sum w x`` are the totals (Newton's method):
    F(u) = 1 + u, exp(u), or between the bounds L and U the logit
    ``(L(U-1) + U(1-L) e^{Au}) / ((U-1) + (1-L) e^{Au})`` with ``A = (U-L)/((1-L)(U-1))``.
    "linear" and "raking" are cut off at bounds.

    References
    ----------
    Deville and Särndal (1992), J. Am. Statist. Assoc. 87, 376-382, doi:10.1080/01621459.1992.10475217. Checked against
    R's ``survey`` 4.1 for all three methods, weights and standard errors (tests/test_calibration.py).

    Examples
    --------
    >>> frame = pd.DataFrame({"tier": ["core", "core", "other", "other"], "visits": [1, 3, 2, 6]})
    >>> found = calibrate(frame, None, {"tier": {"core": 60, "other": 40}, "visits": 300}, method="raking")
    >>> [round(float(found.weights @ frame["visits"]), 6), round(float(found.weights[:2].sum()), 6)]
    [300.0, 60.0]
    """
    check_choice("method", method, Method)
    if method == "logit" and bounds is None:
        raise SpecError("method='logit' needs bounds=(low, high): how many times its base a weight may become.")
    if method == "logit" and weight_bounds is not None:
        raise SpecError("method='logit' takes bounds on the ratio only; weight_bounds go with 'linear' and 'raking'.")
    task = _Task.of(frame, design, totals, population, weight, categorical=False)
    return _bounded(task, method, bounds, weight_bounds, _Asked("calibrated", tolerance, weight, language))


def trim(calibration: Calibration, low: float = 0.0, high: float = np.inf, *, weight: str | None = None) -> Calibration:
    """Calibrated weights cut off at a floor and a cap; what was cut is given to the others in equal parts.

    Parameters
    ----------
    calibration : Calibration
    low, high : smallest and largest weight
    weight : name of the new column; by default the old one with ``_trimmed``

    Returns
    -------
    Calibration
        The weights add up as before, but margins are no longer met exactly: look at ``difference``. Bounds given to
        :func:`rake` instead keep the margins. Errors take the cut as given and count the calibration in.

    References
    ----------
    Potter (1990), Proc. Survey Research Methods Section, American Statistical Association, 225-230. The weights are those
    of R's ``trimWeights(strict = TRUE)`` (tests/test_calibration.py).

    Examples
    --------
    >>> frame = pd.DataFrame({"tier": ["core"] * 3 + ["other"]})
    >>> raked = rake(frame, None, {"tier": {"core": 30, "other": 70}})
    >>> trim(raked, high=40).weights.tolist()
    [20.0, 20.0, 20.0, 40.0]
    """
    before = calibration.weights.to_numpy()
    if not 0 <= low < high:
        raise SpecError(f"low={low:g} and high={high:g}: a floor of 0 or more must lie under the cap.")
    if not low * len(before) <= before.sum() <= high * len(before):
        raise SpecError(f"weights between {low:g} and {high:g} cannot add up to {before.sum():,.6g}: their mean is "
                        f"{before.mean():.6g}.")  # fmt: skip
    after = trimmed_weights(before, low, high)
    return _with_weights(calibration, after, low, high, weight or f"{calibration.weights.name}_trimmed")


def _with_weights(calibration: Calibration, weights: Array, low: float, high: float, name: str) -> Calibration:
    """The calibration with its weights trimmed to others between two bounds."""
    margins = calibration.design.margins
    old = str(calibration.weights.name)
    if margins is None or margins.untrimmed_weight:
        raise SpecError(
            f"the weights {old!r} were trimmed already. Trim the calibrated ones once, to the final bounds."
        )
    given = calibration.data()
    _check_free(given, name)
    after = margins.reached(given, weights)
    frame = calibration.frame.assign(after=after, difference=after - calibration.frame["target"])
    missed = float((frame["difference"] / frame["target"]).abs().max())
    design = replace(calibration.design, weight=name, margins=replace(margins, untrimmed_weight=old))
    return replace(calibration, frame=frame, weights=pd.Series(weights, index=given.index, name=name), design=design, missed=missed,
                   n_floor=int((weights <= low).sum()), n_cap=int((weights >= high).sum()), given=given)  # fmt: skip


# --- numbers -----------------------------------------------------------------------------------------------


def weighting_effect(weights: Array) -> float:
    """Kish's design effect of unequal weights, ``n sum w² / (sum w)²``.

    References
    ----------
    Kish (1965), Survey Sampling, Wiley, section 11.7.

    >>> weighting_effect(np.array([1.0, 1.0, 2.0]))
    1.125
    """
    return weighting_deff(weights, np.ones(len(weights)))


def raked_factors(base: Array, codes: Sequence[Array], targets: Sequence[Array]) -> tuple[Array, int]:
    """(c,) factor of each cell by iterative proportional fitting, and the number of sweeps.

    Parameters
    ----------
    base : (c,) sum of base weights in each cell
    codes : for each margin (c,) the category of each cell
    targets : for each margin the total of each category

    >>> factors, _ = raked_factors(np.array([2.0, 1.0, 1.0]), [np.array([0, 0, 1])], [np.array([30.0, 70.0])])
    >>> factors.tolist()
    [10.0, 10.0, 70.0]
    """
    weights, base = base.astype(float), base.astype(float)
    sweep = 0
    while sweep < _SWEEPS:
        sweep, missed = sweep + 1, 0.0
        for code, target in zip(codes, targets, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                step = target / np.bincount(code, weights, len(target))
            missed = max(missed, float(np.abs(step - 1).max()))
            weights = weights * step[code]
        if missed <= _SETTLED or not np.isfinite(missed) or len(codes) == 1:
            break
    return weights / base, sweep


@dataclass(frozen=True)
class Law:
    """How the ratio of new to base weight follows from ``u = x'λ``: a value and its slope, between bounds."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def calibration_law(method: Method, low: Array | float, high: Array | float) -> Law:
    """The law of a method between two bounds, each a number or one per unit.

    >>> law = calibration_law("logit", 0.5, 2.0)
    >>> law.value(np.array([-50.0, 0.0, 50.0])).round(6).tolist()
    [0.5, 1.0, 2.0]
    """
    if method == "linear":
        return Law(lambda u: np.clip(1 + u, low, high), lambda u: ((1 + u > low) & (1 + u < high)).astype(float))
    if method == "raking":

        def grown(u: Array) -> Array:
            return np.exp(np.minimum(u, 700.0))

        return Law(lambda u: np.clip(grown(u), low, high), lambda u: np.where((grown(u) > low) & (grown(u) < high), grown(u), 0.0))  # fmt: skip
    a = (high - low) / ((1 - low) * (high - 1))

    def value(u: Array) -> Array:
        from scipy.special import expit

        return low + (high - low) * expit(a * u + np.log((1 - low) / (high - 1)))

    return Law(value, lambda u: a * (value(u) - low) * (high - value(u)) / (high - low))


def solve_calibration(base: Array, x: Any, totals: Array, law: Law) -> tuple[Array, int]:
    """(n,) ratios of new to base weights so that ``x'(base ratio)`` comes as near to the totals as it can; and the steps.

    Newton's method, halving a step until it brings the totals nearer.

    Parameters
    ----------
    base : (n,) base weights
    x : (n, k) values, an array or a sparse one
    totals : (k,) known totals
    law : how ratios follow from x'λ
    """
    size = np.maximum(np.abs(totals), 1e-12 * (abs(x).T @ base))
    bend, ratio = np.zeros(len(totals)), law.value(np.zeros(len(base)))
    missed = (totals - x.T @ (base * ratio)) / size
    for step in range(1, _STEPS + 1):
        if np.abs(missed).max() <= _SETTLED:
            return ratio, step - 1
        slope = law.slope(x @ bend) * base
        gram = x.T @ (x.multiply(slope[:, None]) if hasattr(x, "multiply") else x * slope[:, None])
        gram = gram.toarray() if hasattr(gram, "toarray") else gram
        towards = np.linalg.pinv(gram / np.outer(size, size), rcond=1e-11, hermitian=True) @ missed / size
        for halving in range(_HALVINGS):
            tried = law.value(x @ (bend + towards * 0.5**halving))
            left = (totals - x.T @ (base * tried)) / size
            if np.isfinite(left).all() and (left**2).sum() < (missed**2).sum():
                break
        else:
            return ratio, step
        bend, ratio, missed = bend + towards * 0.5**halving, tried, left
    return ratio, _STEPS


def trimmed_weights(weights: Array, low: float, high: float) -> Array:
    """(n,) weights between bounds that add up as before: what is cut goes to those within, again until all are.

    Equal parts keep the differences between weights, as R's ``trimWeights`` does. Weights of exit interviews keep their
    ratios instead, see :func:`survey_design.intercepts.weights.trim_weights`.
    Where that comes to no end (everybody is outside), all weights are shifted by one amount and cut.

    >>> trimmed_weights(np.array([1.0, 2.0, 6.0]), 0.0, 5.0).tolist()
    [1.5, 2.5, 5.0]
    """
    cut = np.array(weights, dtype=float)
    for _ in range(_TRIMS):
        outside = (cut < low) | (cut > high)
        if not outside.any():
            return cut
        if outside.all():
            break
        clipped = np.clip(cut, low, high)
        clipped[~outside] += (cut - clipped).sum() / (~outside).sum()
        if np.array_equal(clipped, cut):  # what is left to give is lost in rounding
            return np.clip(cut, low, high)
        cut = clipped
    return _shifted(weights, low, high)


def _shifted(weights: Array, low: float, high: float) -> Array:
    """(n,) ``clip(weights + c, low, high)`` with c so that they add up as before."""
    from scipy.optimize import brentq

    def left(shift: float) -> float:
        return float(np.clip(weights + shift, low, high).sum() - weights.sum())

    reach = float(np.max(weights)) + low
    return np.clip(weights + brentq(left, -reach, reach, xtol=1e-13, rtol=1e-15), low, high)


# --- what is asked for -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What a calibration is called, and how near it must come."""

    how: How
    tolerance: float
    weight: str
    language: Language


@dataclass(frozen=True, eq=False)
class _Part:
    """A margin as the rows show it.

    ``code`` (n,) category of each row, ``n`` (categories,) respondents; or ``values`` (n,) of a numeric column.
    """

    margin: Margin
    code: Array
    n: Array
    values: Array | None = None

    @property
    def target(self) -> Array:
        return np.array(self.margin.totals)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Rows of equal categories as one: base weights add up.

    ``base`` (c,) sums, ``codes`` for each margin (c,) the category, ``place`` (n,) of each row among ``spread`` places,
    of which ``used`` (c,) are taken.
    """

    base: Array
    codes: list[Array]
    place: Array
    used: Array
    spread: int

    def of_rows(self, factors: Array) -> Array:
        """(n,) the factor of each row's cell."""
        table = np.zeros(self.spread)
        table[self.used] = factors
        return table[self.place]


@dataclass(frozen=True, eq=False)
class _Task:
    """Rows, base weights and margins that fit each other."""

    frame: pd.DataFrame
    design: SampleDesign
    base: Array
    parts: tuple[_Part, ...]
    shares: bool

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        design: SampleDesign | None,
        totals: Totals,
        population: float | None,
        weight: str,
        *,
        categorical: bool,
    ) -> _Task:
        design = design or SampleDesign()
        if design.margins is not None:
            raise SpecError(f"the weights {design.weight!r} are calibrated already ({design.margins.words()}). Start from the base "
                            "weights, and give all margins at once.")  # fmt: skip
        if not len(frame):
            raise DataError("the data have no rows to weight.")
        _check_free(frame, weight)
        design.check(frame)
        known = _Known.of(totals, population, categorical)
        known.check_columns(frame)
        base = _base_weights(frame, design)
        size = known.size(float(base.sum()))
        if design.weight is None:
            base = base * (size / len(base))
        parts = tuple(_parts(frame, known.margins(size)))
        return cls(frame, design, base, parts, known.size_of_shares(population))

    def cells(self, *, by_base: bool = False) -> _Cells:
        """Rows with the same categories put together; with ``by_base`` only those of the same base weight."""
        codes, sizes = [part.code for part in self.parts], [len(part.n) for part in self.parts]
        if by_base:
            distinct, place = np.unique(self.base, return_inverse=True)
            codes, sizes = [*codes, place], [*sizes, len(distinct)]
        place = np.zeros(len(self.base), dtype=np.int64)
        spread = 1
        for code, size in zip(codes, sizes, strict=True):
            if spread * size > _MOST_CELLS:
                place, found = pd.factorize(place)
                spread = len(found)
            place, spread = place * size + code, spread * size
        if spread > _MOST_CELLS:
            place, found = pd.factorize(place)
            spread = len(found)
        first = np.full(spread, -1)
        first[place] = np.arange(len(place))
        used = np.flatnonzero(first >= 0)
        base = np.bincount(place, self.base, spread)[used]
        return _Cells(base, [part.code[first[used]] for part in self.parts], place, used, spread)

    def result(self, weights: Array, rounds: int, asked: _Asked, n_floor: int = 0, n_cap: int = 0) -> Calibration:
        """The result, refused where margins are missed by more than was accepted or a weight is not positive."""
        table = self.table(weights)
        _check_met(table, weights, asked.tolerance, rounds)
        if (weights <= 0).any():
            raise DataError(f"{(weights <= 0).sum():,} weights are not positive, the smallest {weights.min():.4g}. Use method='raking', "
                            "or bounds=(0.2, 5).", pd.DataFrame({"row": self.frame.index[weights <= 0]}))  # fmt: skip
        margins = Margins(tuple(part.margin for part in self.parts), asked.how, self.design.weight)
        return Calibration(
            table,
            asked.language,
            weights=pd.Series(weights, index=self.frame.index, name=asked.weight),
            design=replace(self.design, weight=asked.weight, margins=margins),
            base=self.base,
            rounds=rounds,
            missed=float((table["difference"] / _sizes(table)).abs().max()),
            n_floor=n_floor,
            n_cap=n_cap,
            shares=self.shares,
            given=self.frame,
        )

    def table(self, weights: Array) -> pd.DataFrame:
        """Targets, and what base and new weights make of them."""
        people = next((part.target.sum() for part in self.parts if part.values is None), self.base.sum())
        base = self.base * (people / self.base.sum())
        rows = []
        for part in self.parts:
            names = [" × ".join(category) for category in part.margin.categories] or [""]
            before, after = (_summed(part, each) for each in (base, weights))
            rows.append(pd.DataFrame({
                "margin": part.margin.name(), "category": names, "target": part.target, "before": before, "after": after,
                "difference": after - part.target, "n": part.n,
            }))  # fmt: skip
        return pd.concat(rows, ignore_index=True)


def _summed(part: _Part, weights: Array) -> Array:
    if part.values is not None:
        return np.array([part.values @ weights])
    return np.bincount(part.code, weights, len(part.n))


def _sizes(table: pd.DataFrame) -> pd.Series:
    """What a distance is a share of: the target, or what the base weights give where that is 0."""
    return table["target"].abs().where(table["target"] != 0, table["before"].abs())


def _bounded(
    task: _Task, method: Method, bounds: Bounds | None, weight_bounds: Bounds | None, asked: _Asked
) -> Calibration:
    """Calibration by Newton's method, over cells where no numeric column tells rows of a cell apart."""
    _check_bounds(bounds, weight_bounds, method)
    if any(part.values is not None for part in task.parts):
        base, codes = task.base, [part.code for part in task.parts]
        cells = None
    else:
        cells = task.cells(by_base=weight_bounds is not None)
        base, codes = cells.base, cells.codes
    low, high = _ratio_bounds(task, cells, bounds, weight_bounds)
    if method != "linear":
        low = np.maximum(low, 0.0)
    x = _values(task.parts, codes)
    totals = np.concatenate([part.target for part in task.parts])
    _check_reachable(task, low, high, base)
    ratio, rounds = solve_calibration(base, x, totals, calibration_law(method, low, high))
    at = [np.isclose(ratio, edge, rtol=1e-9, atol=0) & np.isfinite(edge) & (edge != 0) for edge in (low, high)]
    row = (lambda each: each) if cells is None else (lambda each: cells.of_rows(each.astype(float)))
    n_floor, n_cap = (int(row(each).sum()) for each in at)
    return task.result(task.base * row(ratio), rounds, asked, n_floor, n_cap)


def _ratio_bounds(
    task: _Task, cells: _Cells | None, bounds: Bounds | None, weight_bounds: Bounds | None
) -> tuple[Array, Array]:
    """Bounds of new over base weight for every row or cell, from those on the ratio and those on the weight."""
    n = len(task.base) if cells is None else len(cells.base)
    low, high = bounds or (-np.inf, np.inf)
    lows, highs = np.full(n, float(low)), np.full(n, float(high))
    if weight_bounds is None:
        return lows, highs
    each = task.base
    if cells is not None:
        each = np.zeros(cells.spread)
        each[cells.place] = task.base
        each = each[cells.used]
    lows, highs = np.maximum(lows, weight_bounds[0] / each), np.minimum(highs, weight_bounds[1] / each)
    if (lows > highs).any():
        k = int(np.flatnonzero(lows > highs)[0])
        raise SpecError(
            f"bounds={bounds} and weight_bounds={weight_bounds} leave nothing to a base weight of {each[k]:.6g}. Widen one."
        )
    return lows, highs


def _values(parts: Sequence[_Part], codes: Sequence[Array]) -> Any:
    """(n, k) sparse values of the margins: 1 in the column of a category, or the number that is summed."""
    from scipy.sparse import csr_array, hstack

    n, blocks = len(codes[0]), []
    for part, code in zip(parts, codes, strict=True):
        shape = (n, len(part.margin.totals))
        ones = np.ones(n) if part.values is None else part.values
        blocks.append(csr_array((ones, code, np.arange(n + 1)), shape=shape))
    return hstack(blocks, format="csr")


# --- what is known -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    """Margins as they were given, texts for labels."""

    categorical: Mapping[tuple[str, ...], Mapping[tuple[str, ...], float]]
    numeric: Mapping[str, float]
    population: float | None

    @classmethod
    def of(cls, totals: Totals, population: float | None, only_categories: bool) -> _Known:
        if not isinstance(totals, Mapping) or not totals:
            raise SpecError("margins must map columns to totals: {'tier': {'core': 400, 'other': 600}}.")
        if population is not None and not 0 < population < np.inf:
            raise SpecError(f"population={population!r} is not a positive number.")
        categorical, numeric = {}, {}
        for key, given in totals.items():
            columns = tuple(key) if isinstance(key, (tuple, list)) else (key,)
            if isinstance(given, (Mapping, pd.Series)):
                categorical[columns] = _categories(columns, dict(given.items()))
            elif only_categories or len(columns) > 1 or not isinstance(given, (int, float, np.number)):
                raise SpecError(f"margin {key!r} must map its categories to totals: {{'core': 400, 'other': 600}}.")
            elif not np.isfinite(given):
                raise SpecError(f"the total of {key!r} is {given}, not a number.")
            else:
                numeric[columns[0]] = float(given)
        return cls(categorical, numeric, population)

    def check_columns(self, frame: pd.DataFrame) -> None:
        """Refuses columns that the data do not have."""
        named = [name for columns in (*self.categorical, *((name,) for name in self.numeric)) for name in columns]
        check_columns(dict.fromkeys(named), frame.columns, "the data")

    def is_share(self, given: Mapping[tuple[str, ...], float]) -> bool:
        return abs(sum(given.values()) - 1) <= 1e-9 * len(given) + 1e-12

    def size_of_shares(self, population: float | None) -> bool:
        """True if nothing but shares is known, so that the base weights' sum stays."""
        return population is None and bool(self.categorical) and all(map(self.is_share, self.categorical.values()))

    def size(self, base_sum: float) -> float:
        """People in the population, which all margins must agree on; the base weights' sum where only shares are known."""
        sums = {" × ".join(columns): sum(given.values()) for columns, given in self.categorical.items()
                if not self.is_share(given)}  # fmt: skip
        if self.population is not None:
            sums = {"population": self.population, **sums}
        if not sums:
            return base_sum
        (name, size), *others = sums.items()
        for other, total in others:
            if abs(total - size) > _SAME_SUM * size:
                near = 0.9 < min(total, size) < 1.1
                hint = " Shares must add up to 1 exactly." if near else ""
                raise SpecError(f"the totals disagree: {name!r} adds up to {size:,.12g}, {other!r} to {total:,.12g}. Give totals of "
                                f"one population, or shares and population=.{hint}")  # fmt: skip
        return float(size)

    def margins(self, size: float) -> list[Margin]:
        """The margins in people, all of them adding up to the size of the population."""
        found = []
        for columns, given in self.categorical.items():
            totals = np.array(list(given.values()))
            found.append(Margin(columns, tuple(given), tuple((totals * (size / totals.sum())).tolist())))
        if not self.categorical and self.population is not None:
            found.append(Margin((), ((),), (size,)))
        return found + [Margin((name,), (), (total,)) for name, total in self.numeric.items()]


def _categories(columns: tuple[str, ...], given: Mapping[Any, Any]) -> dict[tuple[str, ...], float]:
    """Totals by category, every label as a text; refuses what is no number and labels that are the same one."""
    name, found = " × ".join(map(str, columns)), {}
    for label, total in given.items():
        labels = label if len(columns) > 1 else (label,)
        if not isinstance(labels, tuple) or len(labels) != len(columns):
            raise SpecError(f"margin {name!r}: {label!r} is not a category of its {len(columns)} columns. Write a tuple of "
                            f"{len(columns)} labels.")  # fmt: skip
        texts = tuple(label_text(each) for each in labels)
        if texts in found:
            raise SpecError(f"margin {name!r} names the category {' × '.join(texts)!r} twice.")
        if not isinstance(total, (int, float, np.number)) or not 0 <= float(total) < np.inf:
            raise SpecError(
                f"margin {name!r}: the target of {' × '.join(texts)!r} is {total!r}, not a number of 0 or more."
            )
        found[texts] = float(total)
    if not sum(found.values()) > 0:
        raise SpecError(f"margin {name!r} has no target above 0.")
    return found


def _parts(frame: pd.DataFrame, margins: Sequence[Margin]) -> list[_Part]:
    """The margins as the rows show them; refuses categories without target or without respondents, naming all of them."""
    found, parts = [], []
    for margin in margins:
        part, faults = _numeric_part(frame, margin) if margin.is_numeric else _categorical_part(frame, margin)
        parts.append(part)
        found += faults
    if found:
        cases = pd.DataFrame(found, columns=["margin", "category", "problem", "n", "target"])
        said = "; ".join(f"{c.margin}: {c.category}{' ' * bool(c.category)}{c.problem} (n = {c.n})"
                         for c in cases.head(_MOST_LISTED).itertuples())  # fmt: skip
        more = f"; and {len(cases) - _MOST_LISTED} more" if len(cases) > _MOST_LISTED else ""
        raise DataError(f"data and margins don't fit: {said}{more}. Merge such a category with a like one in the data and in the "
                        "targets; give rows without category one, or leave them out.", cases)  # fmt: skip
    return parts


def _categorical_part(frame: pd.DataFrame, margin: Margin) -> tuple[_Part, list[tuple[Any, ...]]]:
    """The rows' categories, and what does not fit: (margin, category, problem, n, target)."""
    code, labels = crossed_codes(frame, margin.columns)
    met = np.bincount(code, minlength=len(labels) + 1)
    met = met[: len(labels) + 1]
    wanted = dict(zip(margin.categories, margin.totals, strict=True))
    found = met[:-1].tolist() if margin.columns else [len(frame)]
    n: dict[tuple[str, ...], int] = dict(zip(labels, found, strict=True))
    name, faults = margin.name(), []
    if margin.columns and met[-1]:
        faults.append((name, "", "rows without a category", int(met[-1]), np.nan))
    faults += [(name, " × ".join(label), "has no target", number, np.nan)
               for label, number in n.items() if number and label not in wanted]  # fmt: skip
    faults += [(name, " × ".join(label), "has no respondents", 0, total)
               for label, total in wanted.items() if total and not n.get(label)]  # fmt: skip
    faults += [(name, " × ".join(label), "has respondents but a target of 0", n[label], 0.0)
               for label, total in wanted.items() if not total and n.get(label)]  # fmt: skip
    kept = Margin(margin.columns, tuple(label for label, total in wanted.items() if total),
                  tuple(total for total in wanted.values() if total))  # fmt: skip
    place = {label: k for k, label in enumerate(kept.categories)}
    places = np.array([*(place.get(label, 0) for label in labels), 0], dtype=np.intp)
    return _Part(kept, places[code], np.array([n.get(label, 0) for label in kept.categories])), faults


def _numeric_part(frame: pd.DataFrame, margin: Margin) -> tuple[_Part, list[tuple[Any, ...]]]:
    """The rows' numbers, and how many are none."""
    name = margin.columns[0]
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = int((~np.isfinite(values)).sum())
    faults = [(name, "", "rows without a number", bad, margin.totals[0])] if bad else []
    return _Part(margin, np.zeros(len(values), dtype=np.intp), np.array([len(values)]), values), faults


def _base_weights(frame: pd.DataFrame, design: SampleDesign) -> Array:
    """(n,) base weights, 1 where there are none; refuses weights that are missing or not positive."""
    if design.weight is None:
        return np.ones(len(frame))
    weight = pd.to_numeric(frame[design.weight], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        rows = ", ".join(map(str, frame.index[bad][:5])) + (", …" if bad.sum() > 5 else "")
        raise DataError(f"base weight {design.weight!r}: {bad.sum()} rows have none, or not a positive one (rows {rows}). Correct "
                        "them, or leave these rows out.",
                        pd.DataFrame({"row": frame.index[bad], "column": design.weight, "problem": "not positive"}))  # fmt: skip
    return weight


# --- what is refused ---------------------------------------------------------------------------------------


def _check_free(frame: pd.DataFrame, weight: str) -> None:
    if weight in frame.columns:
        raise SpecError(f"the data have a column {weight!r} already. Give the new weights another name: weight='...'.")


def _check_bounds(bounds: Bounds | None, weight_bounds: Bounds | None, method: Method) -> None:
    for name, pair in (("bounds", bounds), ("weight_bounds", weight_bounds)):
        if pair is not None and not (len(pair) == 2 and pair[0] < pair[1]):
            raise SpecError(f"{name}={pair!r} must be (low, high), low under high.")
    if method == "logit" and bounds is not None and not 0 <= bounds[0] < 1 < bounds[1] < np.inf:
        raise SpecError(f"bounds={bounds!r}: for 'logit' the low one must lie between 0 and 1, the high one over 1.")


def _check_reachable(task: _Task, low: Array, high: Array, base: Array) -> None:
    """Refuses bounds under which the weights cannot even add up to the population."""
    people = next((part.target.sum() for part in task.parts if part.values is None), None)
    if people is None:
        return
    least, most = float((base * low).sum()), float((base * high).sum())
    if not least <= people * (1 + _SAME_SUM) or not people * (1 - _SAME_SUM) <= most:
        raise SpecError(f"the margins add up to {people:,.10g}, but weights within these bounds to between {least:,.10g} and {most:,.10g} "
                        f"(the base weights to {base.sum():,.10g}). Scale the base weights, or widen the bounds.")  # fmt: skip


def _check_met(table: pd.DataFrame, weights: Array, tolerance: float, rounds: int) -> None:
    """Refuses weights that miss a target by more than was accepted, the worst category first."""
    share = (table["difference"] / _sizes(table)).abs()
    missed = share.fillna(np.inf) > tolerance
    if not missed.any() and np.isfinite(weights).all():
        return
    cases = table.assign(missed=share)[missed].sort_values("missed", ascending=False, kind="stable")
    worst = cases.iloc[0]
    name = f"{worst['margin']} = {worst['category']}" if worst["category"] else f"the total of {worst['margin']}"
    raise DataError(
        f"after {rounds} rounds the margins are not met: {name} is missed by {100 * worst['missed']:.3g}% (target "
        f"{worst['target']:,.6g}, reached {worst['after']:,.6g}), {len(cases)} of {len(table)} targets in all (see .cases). Merge its "
        "small categories, drop a margin, widen the bounds, or accept the distance: tolerance=0.01.", cases)  # fmt: skip
