"""How many answers until the factors come out right? Samples from known loadings are factored, and what settles is counted.

Rules such as "ten answers per item" do not hold: what is needed depends on how strongly items load and how many there
are per dimension. So the loadings that are expected are written down, samples of several sizes are drawn from them, and
each is factored as it would be. Small and bounded: enough of factor analysis to plan a sample, none to report one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from servqual.moments import one_blas_thread
from servqual.proportions import proportion_interval
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Language
from survey_design.size.ledger import Goal, Quotas, SampleSize, write_ledger

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Criterion = Literal["loadings", "number"]

_REACH = 2.5  # standard deviations to each end of a scale of ratings
_MOST_COMMON = 0.995  # communality: uniqueness stays at 0.005 or more, as in R's psych
_TOLERANCE, _ROUNDS = 1e-4, 200
_NOISE_DRAWS, _NOISE_QUANTILE = 200, 0.95
_BATCH = 4_000_000  # numbers drawn at once
_STEP = 2**0.25  # from one simulated size to the next
_LEAST_REPLICATES = 100
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class FactorSize(SampleSize):
    """How many interviews until the factors come out right, with the simulations behind it.

    A :class:`~survey_design.size.SampleSize`: ledger, ``n``, ``n_to_approach``; the chance stands where other sizes have power.

    Attributes
    ----------
    simulated : one row per simulated size of a simple sample: ``n``, ``chance`` of coming out right with its Monte Carlo
        interval ``low, high``, ``congruence`` (mean over samples of the worst factor's), ``smoothed`` chance
    criterion, replicates, seed : what was asked of :func:`size_for_factors`
    base_low, base_high : what the number of simulated samples leaves open about the base n; nan beyond the simulated sizes
    """

    simulated: pd.DataFrame = field(kw_only=True)
    criterion: Criterion = field(kw_only=True)
    replicates: int = field(kw_only=True)
    seed: int = field(kw_only=True)
    base_low: float = field(kw_only=True)
    base_high: float = field(kw_only=True)

    def sentence(self, language: Language | None = None) -> str:
        zh = (language or self.language) == "zh"
        right, wanted = self.goal.effect["zh" if zh else "en"], f"{100 * self.goal.target:.4g}%"
        said = f"完成 {self.n:,} 份访谈，至少 {wanted} 的样本会{right}" if zh else (
            f"With {self.n:,} completed interviews, at least {wanted} of samples {right}")  # fmt: skip
        if self.response_rate < 1:
            rate = f"{100 * self.response_rate:.4g}%"
            said += f"；按应答率 {rate} 计算，需接触 {self.n_to_approach:,} 人" if zh else (
                f"; {self.n_to_approach:,} people must be approached at a response rate of {rate}")  # fmt: skip
        return said + ("。" if zh else ".")

    def note(self) -> str:
        zh, goal, level = self.language == "zh", self.goal, f"{100 * self.goal.level:.4g}%"
        tongue, wanted, achieved = self.language, f"{100 * goal.target:.4g}%", f"{100 * self.achieved:.1f}%"
        low, high = (_bound(value, zh) for value in (self.base_low, self.base_high))
        first = f"每种样本量模拟 {self.replicates:,} 次，随机种子 {self.seed}" if zh else (
            f"{self.replicates:,} simulated samples of each size, seed {self.seed}")  # fmt: skip
        second = f"目标把握 {wanted}，实际达到 {achieved}" if zh else f"chance wanted {wanted}, achieved {achieved}"
        third = f"模拟次数有限，简单随机样本量可能在 {low} 至 {high} 之间（{level}）" if zh else (
            f"the simulations leave the n of a simple sample open from {low} to {high} ({level})")  # fmt: skip
        parts = [first, second, third, goal.assumed[tongue], goal.method[tongue]]
        if zh:
            return "；".join(parts) + f"。来源：{goal.source}。"
        return "; ".join(parts) + f". Source: {goal.source}."

    def plot(self, ax: Axes | None = None) -> Axes:
        """The chance against n: simulated points, the smoothed line, the chosen n."""
        from servqual.plots.power import draw_factor_size

        return draw_factor_size(self, ax)


def size_for_factors(
    items: Sequence[int] | ArrayLike,
    loading: float | Sequence[float] | None = None,
    *,
    seed: int,
    factor_correlation: float | ArrayLike = 0.3,
    points: int | None = 7,
    criterion: Criterion = "loadings",
    agreement: float = 0.95,
    chance: float = 0.9,
    replicates: int = 500,
    most: int = 5000,
    level: float = 0.95,
    deff: float = 1.0,
    response_rate: float = 1.0,
    quotas: Quotas = 1,
) -> FactorSize:
    """The n at which a sample's factors come out right with a given chance, by simulation.

    Parameters
    ----------
    items : items of each dimension, such as [4, 5, 4, 4, 5]; or the (items, dimensions) matrix of loadings that is expected
    loading : expected loading of every item on its dimension, one number or one per dimension; left out with a matrix
    seed : the same seed gives the same n
    factor_correlation : between any two dimensions, or their (dimensions, dimensions) matrix
    points : points of the rating scale, equal steps over ±2.5 standard deviations; None for continuous answers
    criterion : {"loadings", "number"}
        "loadings": every factor's loadings agree with the true ones. "number": parallel analysis finds as many factors as
        there are.
    agreement : smallest coefficient of congruence that counts as agreement; 0.95 is read as equal, 0.85 to 0.94 as fair
    chance : share of samples that come out right
    replicates : simulated samples of each size
    most : largest size that is tried
    level : confidence of the Monte Carlo intervals
    deff, response_rate, quotas : as in :func:`survey_design.size.write_ledger`

    Returns
    -------
    FactorSize

    Notes
    -----
    Answers are normal with correlations ``ΛΦΛ'``, ones on the diagonal, cut into ratings. Each sample's correlations give m
    factors by iterated principal axes (the minres solution). They are turned as near to the truth as an orthogonal rotation
    takes ``A`` to ``ΛΦ^½``, so that ``AT Φ^-½`` estimates Λ: the best rotation a researcher could find, hence a lower bound
    for n. Tucker's coefficient of congruence of a factor is ``Σ aλ / √(Σ a² Σ λ²)``; the worst factor counts. Parallel analysis
    (Horn) counts the leading eigenvalues above the 95th percentile of those of random numbers of the same size.

    Sizes lie a quarter of a doubling apart and are searched by bisection; three neighbours on each side are simulated as
    well, the chances smoothed so that they never fall with n, and interpolated in log n. The design effect divides n,
    which is exact for means and an approximation here.

    Raises
    ------
    SpecError
        If the loadings are impossible (more than all of an item explained, too many factors for the items), or no size up to
        ``most`` suffices, with the chance it gives.

    References
    ----------
    MacCallum, Widaman, Zhang and Hong (1999), Psychological Methods 4, 84-99, doi:10.1037/1082-989X.4.1.84. Lorenzo-Seva and
    ten Berge (2006), Methodology 2, 57-64, doi:10.1027/1614-2241.2.2.57, for 0.95 and 0.85. Horn (1965), Psychometrika 30,
    179-185, doi:10.1007/BF02289447. Checked against R's ``psych`` (loadings of nine tests; chances from simulations of its
    own) and statsmodels (tests/test_factor_size.py).

    Examples
    --------
    >>> size = size_for_factors([4, 4], 0.7, chance=0.9, replicates=200, seed=1, deff=1.5, response_rate=0.5)
    >>> print(size.sentence())
    With 96 completed interviews, at least 90% of samples show 2 factors, each with a congruence of 0.95 or more to the true loadings; 192 people must be approached at a response rate of 50%.
    """  # fmt: skip
    true = _population(items, loading, factor_correlation, points)
    check_choice("criterion", criterion, Criterion)
    for name, share in {"agreement": agreement, "chance": chance, "level": level}.items():
        check_between(name, share, 0, 1)
    _check_effort(true, seed, replicates, most)
    found = _search(_Trial(true, criterion, agreement, replicates, seed), chance, most, level)
    base, low, high = _crossings(found, chance)
    goal = _goal(true, criterion, agreement, chance, level, found, base, replicates)
    size = write_ledger(base, goal, deff=deff, response_rate=response_rate, quotas=quotas)
    return FactorSize(size.frame, goal=goal, deff=deff, response_rate=response_rate, cells=size.cells,
                      by_quota=size.by_quota, simulated=found, criterion=criterion, replicates=replicates, seed=seed,
                      base_low=low, base_high=high)  # fmt: skip


# --- what is true ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Population:
    """(p, m) loadings, (m, m) correlations of the factors, and how answers are given."""

    loadings: Array
    correlations: Array
    points: int | None

    @property
    def items(self) -> int:
        return len(self.loadings)

    @property
    def factors(self) -> int:
        return self.loadings.shape[1]

    @property
    def implied(self) -> Array:
        """(p, p) correlations of the items before they are cut into ratings."""
        common = self.loadings @ self.correlations @ self.loadings.T
        np.fill_diagonal(common, 1.0)
        return np.asarray(common)

    @property
    def root(self) -> Array:
        """Symmetric square root of the factors' correlations."""
        values, vectors = np.linalg.eigh(self.correlations)
        return np.asarray(vectors * np.sqrt(values) @ vectors.T)

    def sample(self, n: int, samples: int, rng: np.random.Generator) -> Array:
        """(samples, n, p) answers."""
        answers = rng.standard_normal((samples, n, self.items)) @ np.linalg.cholesky(self.implied).T
        if self.points is None:
            return np.asarray(answers)
        step = 2 * _REACH / self.points
        return np.clip(np.floor(answers / step + self.points / 2), 0, self.points - 1)


def _population(items: Any, loading: Any, correlation: Any, points: int | None) -> Population:
    matrix = _loadings(items, loading)
    p, m = matrix.shape
    between = np.asarray(correlation, float)
    if between.ndim == 0:
        between = np.full((m, m), float(between)) + (1 - float(between)) * np.eye(m)
    _check_factors(p, m, between)
    if points is not None and (not isinstance(points, int) or not 2 <= points <= 100):
        raise SpecError(f"points={points!r} must be a whole number from 2 to 100, or None for continuous answers.")
    explained = np.einsum("ij,jk,ik->i", matrix, between, matrix)
    over = [f"item {k + 1}: {share:.2f}" for k, share in enumerate(explained) if not 0 < share < 1]
    if over:
        raise SpecError(f"the factors would explain none or all of an item, {'; '.join(over)}. This share (communality) "
                        "must lie between 0 and 1: change its loadings or the factors' correlation.")  # fmt: skip
    return Population(matrix, between, points)


def _loadings(items: Any, loading: Any) -> Array:
    """(p, m) loadings, as given or item by item on its own dimension."""
    given = np.asarray(items, float)
    if given.ndim == 2:
        if loading is not None:
            raise SpecError("loading is already in the matrix of loadings. Leave it out.")
        return given
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all() or (given < 2).any() or (given % 1).any():
        raise SpecError(f"items={items!r} cannot be used: give how many items each dimension has, 2 or more, such as "
                        "[4, 5, 4, 4, 5], or a matrix of loadings.")  # fmt: skip
    if loading is None:
        raise SpecError("loading is missing. Say how strongly items load on their dimension, such as 0.6.")
    each = np.asarray(loading, float)
    if each.ndim and len(each) != len(given):
        raise SpecError(
            f"loading has {len(each)} values for {len(given)} dimensions. Give one number, or one for each."
        )
    if not ((each > 0) & (each < 1)).all():
        raise SpecError(f"loading={loading!r} must lie between 0 and 1.")
    own = np.repeat(np.arange(len(given)), given.astype(int))
    return np.asarray(np.eye(len(given))[own] * np.broadcast_to(each, len(given)))


def _check_factors(p: int, m: int, between: Array) -> None:
    if (p - m) ** 2 < p + m:
        raise SpecError(f"{p} items are too few for {m} factors: their correlations do not determine the loadings. "
                        "Plan more items for each dimension.")  # fmt: skip
    right = between.shape == (m, m) and np.allclose(between, between.T) and np.allclose(np.diag(between), 1)
    if not right or np.linalg.eigvalsh(between).min() < 1e-8:
        raise SpecError(f"factor_correlation cannot be that of {m} factors: give one number, or a symmetric matrix with ones "
                        "on its diagonal in which no factor follows from the others.")  # fmt: skip


def _check_effort(true: Population, seed: int, replicates: int, most: int) -> None:
    if not isinstance(seed, int) or seed < 0:
        raise SpecError(f"seed={seed!r} must be a whole number, 0 or more.")
    if not isinstance(replicates, int) or replicates < _LEAST_REPLICATES:
        raise SpecError(f"replicates={replicates!r} say too little about a chance: {_LEAST_REPLICATES} or more; 500 give 90% "
                        "to ±2.6 points.")  # fmt: skip
    if not isinstance(most, int) or most <= _least(true):
        raise SpecError(f"most={most!r} must be a whole number above {_least(true)}, the smallest size tried.")


def _least(true: Population) -> int:
    """The smallest size that is tried: more answers than items."""
    return max(30, true.items + 5)


# --- one size ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Trial:
    """What is done at every size."""

    true: Population
    criterion: Criterion
    agreement: float
    replicates: int
    seed: int

    def at(self, n: int) -> tuple[int, float]:
        """Of the samples of this size how many come out right, and the mean of their worst congruences."""
        rng, left, right, worst = np.random.default_rng([self.seed, n]), self.replicates, 0, 0.0
        noise = noise_eigenvalues(n, self.true.items, rng) if self.criterion == "number" else None
        while left:
            size = max(1, min(left, _BATCH // (n * self.true.items)))
            observed = correlations(self.true.sample(n, size, rng))
            agreed = congruence(
                aligned(principal_axes(observed, self.true.factors), self.true), self.true.loadings
            ).min(axis=1)
            good = agreed >= self.agreement if noise is None else factors_found(observed, noise) == self.true.factors
            left, right, worst = left - size, right + int(good.sum()), worst + float(agreed.sum())
        return right, worst / self.replicates


def correlations(answers: Array) -> Array:
    """(samples, p, p) correlations of (samples, n, p) answers; an item without spread correlates with nothing.

    >>> correlations(np.array([[[1.0, 2.0], [2.0, 4.0], [3.0, 7.0]]])).round(3).tolist()
    [[[1.0, 0.993], [0.993, 1.0]]]
    """
    centred = answers - answers.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    scaled = centred / np.where(length > 0, length, 1.0)
    out = np.matmul(scaled.transpose(0, 2, 1), scaled)
    out[:, np.arange(out.shape[1]), np.arange(out.shape[1])] = 1.0
    return np.asarray(out)


def principal_axes(observed: Array, factors: int, *, tolerance: float = _TOLERANCE, rounds: int = _ROUNDS) -> Array:
    """(samples, p, m) unrotated loadings by iterated principal axes, which ends at the least squares (minres) solution.

    In turn the diagonal is set to the communalities, and the communalities to what the m largest eigenvalues reproduce;
    each step lowers the sum of squared residuals. What stands on the diagonal stays at 0.995 or below (Heywood cases).
    """
    p = observed.shape[1]
    reduced, diagonal = observed.copy(), np.arange(p)
    reduced[:, diagonal, diagonal] = 0.0
    common = np.abs(reduced).max(axis=1)
    out = np.zeros((len(observed), p, factors))
    going = np.arange(len(observed))
    for _ in range(rounds):
        part = reduced[going]
        part[:, diagonal, diagonal] = common[going]
        values, vectors = np.linalg.eigh(part)
        out[going] = vectors[..., -factors:] * np.sqrt(np.maximum(values[:, None, -factors:], 0.0))
        new = np.minimum((out[going] ** 2).sum(axis=2), _MOST_COMMON)
        moved = np.abs(new - common[going]).max(axis=1) > tolerance
        common[going] = new
        going = going[moved]
        if not len(going):
            break
    return out[..., ::-1]


def aligned(unrotated: Array, true: Population) -> Array:
    """(samples, p, m) loadings turned as near to the true ones as their own factors' correlations allow."""
    turned = np.matmul(unrotated.transpose(0, 2, 1), true.loadings @ true.root)
    left, _, right = np.linalg.svd(turned)
    return np.asarray(np.matmul(unrotated, np.matmul(left, right)) @ np.linalg.inv(true.root))


def congruence(found: Array, true: Array) -> Array:
    """(samples, m) Tucker's coefficient of congruence of every factor.

    >>> congruence(np.array([[[0.8], [0.6]]]), np.array([[0.4], [0.3]])).round(6).tolist()
    [[1.0]]
    """
    length = np.sqrt((found**2).sum(axis=1) * (true**2).sum(axis=0))
    return np.asarray((found * true).sum(axis=1) / np.where(length > 0, length, 1.0))


def noise_eigenvalues(n: int, p: int, rng: np.random.Generator, draws: int = _NOISE_DRAWS) -> Array:
    """(p,) 95th percentiles of the eigenvalues of correlations between p columns of n random numbers, falling."""
    size = max(1, _BATCH // (n * p))
    parts = [np.linalg.eigvalsh(correlations(rng.standard_normal((min(size, draws - start), n, p))))
             for start in range(0, draws, size)]  # fmt: skip
    return np.asarray(np.quantile(np.concatenate(parts), _NOISE_QUANTILE, axis=0)[::-1])


def factors_found(observed: Array, noise: Array) -> Array:
    """(samples,) how many leading eigenvalues exceed those of random numbers, up to the first that does not.

    >>> factors_found(np.array([[[1.0, 0.9, 0], [0.9, 1, 0], [0, 0, 1]]]), np.array([1.2, 1.1, 0.9])).tolist()
    [1]
    """
    above = np.linalg.eigvalsh(observed)[:, ::-1] > noise
    return np.asarray(np.cumprod(above, axis=1).sum(axis=1))


# --- the search --------------------------------------------------------------------------------------------


def _search(trial: _Trial, chance: float, most: int, level: float) -> pd.DataFrame:
    """The sizes around the one that suffices, each with its chance."""
    least = _least(trial.true)
    steps = int(np.ceil(np.log(most / least) / np.log(_STEP)))
    sizes = sorted({*np.rint(least * _STEP ** np.arange(steps)).astype(int).tolist(), most})
    done: dict[int, tuple[int, float]] = {}

    def suffices(k: int) -> bool:
        if k not in done:
            done[k] = trial.at(sizes[k])
        return done[k][0] >= chance * trial.replicates - _ROUNDING

    with one_blas_thread():
        low, high = -1, len(sizes) - 1
        if not suffices(high):
            raise SpecError(_out_of_reach(trial, chance, most, done[high][0] / trial.replicates))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if suffices(middle) else (middle, high)
        for k in range(max(0, high - 3), min(len(sizes), high + 3)):
            suffices(k)
    return _found({sizes[k]: done[k] for k in sorted(done)}, trial.replicates, level)


def _found(done: dict[int, tuple[int, float]], replicates: int, level: float) -> pd.DataFrame:
    right = np.array([count for count, _ in done.values()])
    low, high = proportion_interval(right, np.full(len(right), replicates), level=level)
    chances = {"chance": right / replicates, "low": low, "high": high}
    return pd.DataFrame({"n": list(done), **chances, "congruence": [mean for _, mean in done.values()],
                         "smoothed": never_falling(chances["chance"])})  # fmt: skip


def never_falling(values: Array) -> Array:
    """The nearest values that never fall (pool adjacent violators).

    >>> never_falling(np.array([0.1, 0.5, 0.3, 0.9])).tolist()
    [0.1, 0.4, 0.4, 0.9]
    """
    pools: list[list[float]] = []  # mean, size
    for value in values:
        pools.append([float(value), 1.0])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (before, many), (last, few) = pools[-2:]
            pools[-2:] = [[(before * many + last * few) / (many + few), many + few]]
    return np.repeat([mean for mean, _ in pools], [int(size) for _, size in pools])


def _crossings(found: pd.DataFrame, chance: float) -> tuple[float, float, float]:
    """The n at which the chance is reached, and its bounds from those of the chances (nan where they lie outside)."""
    n = found["n"].to_numpy(float)
    base = _crossing(n, found["smoothed"].to_numpy(), chance)
    low, high = (_crossing(n, never_falling(found[name].to_numpy()), chance) for name in ("high", "low"))
    return base, (np.nan if low <= n[0] else low), high


def _crossing(n: Array, chances: Array, wanted: float) -> float:
    """The first n at which the chance is reached, interpolated in log n; nan if it never is."""
    k = int(np.argmax(chances >= wanted))
    if chances[k] < wanted:
        return np.nan
    if k == 0:
        return float(n[0])
    share = (wanted - chances[k - 1]) / (chances[k] - chances[k - 1])
    return float(n[k - 1] * (n[k] / n[k - 1]) ** share)


@dataclass(frozen=True, eq=False)
class _Curve:
    """The smoothed chance at any n, interpolated in log n; beyond the simulated sizes that of the nearest one."""

    n: Array
    chance: Array

    def __call__(self, effective: float, n: float) -> float:
        return float(np.interp(np.log(effective * (1 + 1e-12)), np.log(self.n), self.chance))


# --- words -------------------------------------------------------------------------------------------------


def _goal(
    true: Population, criterion: Criterion, agreement: float, chance: float, level: float, found: pd.DataFrame,
    base: float, replicates: int,
) -> Goal:  # fmt: skip
    m, p = true.factors, true.items
    factors = f"{m} factor" if m == 1 else f"{m} factors"
    right = {"en": f"show {factors} by parallel analysis", "zh": f"经平行分析得到 {m} 个因子"}
    if criterion == "loadings":
        right = {"en": f"show {factors}, each with a congruence of {agreement:g} or more to the true loadings",
                 "zh": f"得到 {m} 个因子，且各自与真实载荷的一致性系数不低于 {agreement:g}"}  # fmt: skip
    return Goal(
        what={"en": f"{factors} of {p} items", "zh": f"{p} 个题项的 {m} 个因子"},
        reach=_Curve(found["n"].to_numpy(float), found["smoothed"].to_numpy()), target=chance, measure="power",
        formula=f"{len(found)} × {replicates:,} → {base:.4g}", effect=right, assumed=_assumed(true), method=_method(criterion),
        source="MacCallum, Widaman, Zhang, Hong (1999)", level=level, finite="none", least=_least(true),
    )  # fmt: skip


def _assumed(true: Population) -> dict[str, str]:
    m, own = true.factors, true.loadings[true.loadings != 0]
    between = true.correlations[np.triu_indices(m, 1)]
    spans = [_span(own), _span(between) if m > 1 else ""]
    scale = ("continuous answers", "连续作答") if true.points is None else (
        f"ratings on {true.points} points", f"{true.points} 点量表")  # fmt: skip
    parts = [("loadings", "载荷", spans[0]), ("factor correlation", "因子相关", spans[1])]
    return {"en": ", ".join([*(f"{en} {span}" for en, _, span in parts if span), scale[0]]),
            "zh": "，".join([*(f"{zh} {span}" for _, zh, span in parts if span), scale[1]])}  # fmt: skip


def _method(criterion: Criterion) -> dict[str, str]:
    smooth = ("smoothed so that the chance never falls with n", "把握按“不随样本量下降”平滑")
    if criterion == "number":
        return {"en": f"eigenvalues above the 95th percentile of random ones; {smooth[0]}",
                "zh": f"特征值高于随机数据的第 95 百分位；{smooth[1]}"}  # fmt: skip
    return {"en": f"minres loadings, rotated as near to the true ones as can be, so n is a lower bound; {smooth[0]}",
            "zh": f"最小残差法载荷，旋转至最接近真实载荷，故样本量为下限；{smooth[1]}"}  # fmt: skip


def _span(values: Array) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.3g}" if np.isclose(low, high) else f"{low:.3g}–{high:.3g}"


def _bound(value: float, zh: bool) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "模拟范围以外" if zh else "beyond the simulated sizes"


def _out_of_reach(trial: _Trial, chance: float, most: int, reached: float) -> str:
    return (
        f"no sample up to {most:,} answers comes out right with a chance of {100 * chance:.4g}%: at {most:,} it is "
        f"{100 * reached:.0f}%. Plan more items for each of the {trial.true.factors} dimensions, or accept less agreement."
    )
