"""Weights that bring an inspection's scores near to what customers say: the fit, its bootstrap, and stores it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from servqual.explained import correlation_interval
from servqual.index_weights.fitted import ALL, FittedWeights, Part, Shrink, WeightAgreement
from servqual.index_weights.given import FEWEST, Asked, read_stores, scores_of
from servqual.index_weights.pull import REPEATS, FitPlan, choose_penalty, fold_of
from servqual.index_weights.simplex import Array, check_weights, effective_number
from servqual.index_weights.stores import StoreIndicators
from servqual.inference import t_interval
from survey_design.errors import SpecError, check_between, check_choice
from survey_design.results import Text, say

if TYPE_CHECKING:
    from servqual.mystery.scores import VisitScores
    from servqual.responses import Responses

Error = Literal["auto", "none"]

EVERYBODY: Text = {"en": "all stores", "zh": "全部门店"}
_INNER = 5  # folds within a fold
_AGAIN = 2  # partitions within a fold; those of the stores outside of it are repeated, too


def fit_index_weights(
    scores: VisitScores | pd.DataFrame,
    ratings: Responses | pd.DataFrame,
    *,
    start: Mapping[str, float] | pd.Series | Sequence[float] | None = None,
    by: str | None = None,
    store: str = "store",
    question: str = "mean",
    part: Part = "indicator",
    intercept: bool = False,
    shrink: Shrink | float = "auto",
    error: Error | pd.DataFrame | Array = "auto",
    minimum: int | None = None,
    folds: int = 10,
    replicates: int = 500,
    level: float = 0.95,
    seed: int,
) -> FittedWeights:
    """Weights that bring an inspection's scores as near as possible to what customers say of the same stores.

    Parameters
    ----------
    scores : VisitScores (the indicators of its checklist, modules apart left out), or a frame with a column per indicator
        (0 to 100), the store as index or column, and one row per store or per visit. With one row per store a column
        ``visits`` may say on how many visits it rests
    ratings : Responses, or a frame ``store, rating`` (0 to 100, see :func:`~servqual.store_agreement.store_ratings`) with ``n``
        (1 where not given)
    start : weights to begin with and to be held near, in all or by name; the checklist's own, or equal ones, without it
    by : column of the scores with the store's centre: a fit for every centre that has ``minimum`` stores; the others get
        the weights of all stores, and it is said
    store, question : columns of the store, and which rating, where answers are given
    part : of scores of visits, "indicator" or "category": five weights can be told from few stores, seventeen hardly
    intercept : False: scores themselves are to meet the ratings; True: only up to a constant, since an inspection may be
        stricter than customers all over
    shrink : pull towards the start weights: by cross-validation, "auto" for the largest that is not clearly worse than the
        best, and the start weights themselves where stores not seen gain nothing; "best" for the best itself; or a number from 0 (none) up. A pull of 1 counts as much as what one indicator tells
        on average; infinity keeps the start weights
    error : "auto" corrects for the error of the stores' scores where visits were repeated, "none" does not; or the (k, k)
        covariance of one visit's scores about the store's true ones
    minimum : stores of a centre that a fit of its own needs; by default twice the indicators, at least 10
    folds, replicates, level, seed : of the cross-validation and the bootstrap

    Returns
    -------
    FittedWeights

    Raises
    ------
    SpecError, DataError
        If weights are negative or do not sum to 1, indicators are never scored, or fewer than 5 stores have both; stores that
        only one side knows are listed in ``unmatched``.

    Notes
    -----
    Minimised is ``sum n_s (y_s − a − sum w_k x_sk)²/sum n_s + λ v sum (w_k − w⁰_k)²`` over weights of 0 or more that sum to 1:
    y customers' mean rating, n their number, x the indicators' means, v the mean variance of the indicators between stores;
    a = 0 without an intercept. It is solved exactly (:func:`simplex_weights`). The penalty is 0 at the start weights, so that
    the mean squared error in sample is never larger than with these, whatever λ is. In new stores it may be: read the
    cross-validated line.

    **Pull.** λ comes from cross-validation over stores: the largest whose error exceeds the least by no more than a standard
    error of that difference (:func:`choose_penalty`). Thin data cannot tell pulls apart: then the start weights stay. They stay
    as well where the whole procedure, choice of λ included, predicts stores it has not seen no better than they do. Both are
    means over ten partitions into folds, so that the decision hardly hangs on the seed. With
    fewer stores than indicators many weights fit alike; the pull decides between them, which is said.

    **Error of few visits.** Means over m visits scatter about a store's true scores; regression then gives too little to noisy
    indicators and too much to reliable ones (attenuation). Where visits were repeated, the covariance S of one visit within
    stores is pooled, and ``S/m_s`` is taken off: the objective becomes ``w'(D'ND − c sum n_s S/m_s)w`` with D the differences
    ``y − x_k`` and c a little under 1, less where it would turn negative (:func:`share_taken_off`; no correction is left with
    few stores); cross-validation is corrected alike. ``uncorrected`` has the weights without. The
    corrected ones say what counts for customers; they vary more, and with 40 stores of two visits gain nothing
    (docs/fitted_weights.md). For scores of as few visits the uncorrected ones predict a little better.
    Repeated visits must differ in what makes error: if one inspector made all visits of a store, S lacks the inspector.

    **Intervals.** Stores are drawn again with replacement, λ held. At the boundary (weights of 0) the bootstrap is not exact
    (Andrews 2000), and a pull moves intervals towards the start weights.

    References
    ----------
    Fuller (1987), Measurement Error Models, Wiley, doi:10.1002/9780470316665. Datta and Zou (2017), Annals of Statistics 45,
    2400-2426, doi:10.1214/16-AOS1527 (corrected objective and cross-validation). Breiman, Friedman, Olshen and Stone (1984),
    Classification and Regression Trees, ch. 3. Andrews (2000), Econometrica 68, 399-405, doi:10.1111/1468-0262.00114.
    Checked against a fine grid over all weights, scipy's SLSQP, and simulated studies with known weights
    (tests/test_index_weights.py, docs/fitted_weights.md).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = pd.DataFrame(rng.uniform(50, 100, (60, 3)), columns=["speed", "care", "look"]).rename_axis("store")
    >>> told = pd.DataFrame({"store": x.index, "rating": x @ [0.6, 0.4, 0.0] + rng.normal(0, 4, 60), "n": 10})
    >>> fitted = fit_index_weights(x, told.clip(upper=100), seed=1, replicates=100)
    >>> fitted.weights().round(2).to_dict()
    {'speed': 0.67, 'care': 0.33, 'look': 0.0}
    >>> fitted.sentence("speed")
    'speed: weight 0.666 (95% interval 0.603 to 0.708), 0.333 at the start.'
    """
    _check_options(shrink, folds, replicates, minimum, level)
    check_choice("part", part, Part)
    given = scores_of(scores, by, store, part)
    weights = given.own if start is None else check_weights(start, given.names)
    asked = read_stores(given, weights, ratings, by, store, question, error)
    corrected = error_known(error, asked.stores)
    need = max(10, 2 * len(weights)) if minimum is None else minimum
    job = _Job(
        weights,
        shrink,
        intercept,
        corrected,
        folds,
        replicates,
        level,
        seed,
        start is None and not isinstance(scores, pd.DataFrame),
    )
    groups = sorted(dict.fromkeys(asked.group), key=str)
    members = {group: np.flatnonzero([one == group for one in asked.group]) for group in groups}
    own = (
        {group: job.run(asked.stores.rows(rows)) for group, rows in members.items() if len(rows) >= need} if by else {}
    )
    pooled = None if by and len(own) == len(groups) else job.run(asked.stores)
    return _result(asked, job, members, own, pooled, by, need)


def error_known(error: Any, stores: StoreIndicators) -> bool:
    """Whether the fit is to be corrected: asked for, and possible."""
    return not (isinstance(error, str) and error == "none") and stores.knows_error


def _check_options(shrink: Any, folds: Any, replicates: Any, minimum: Any, level: Any) -> None:
    check_between("level", level, 0, 1)
    number = isinstance(shrink, (int, float, np.number)) and not isinstance(shrink, bool)
    if shrink not in ("auto", "best") and not (number and shrink >= 0):
        raise SpecError(f"shrink={shrink!r} must be 'auto', 'best' or a number of 0 or more.")
    for name, value, least in (("folds", folds, 2), ("replicates", replicates, 50), ("minimum", minimum, FEWEST)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least):
            raise SpecError(f"{name}={value!r} must be a whole number of {least} or more.")


# --- one fit -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Unseen:
    """Every store as weights of the other folds see it, once per partition.

    Attributes
    ----------
    score, start : (r, s) scores under these weights, and under the start weights
    weights : (r, s, k) the weights used
    squares, start_squares : (s,) squared errors of both, means over the partitions
    error, start_error : (s,) what the error of few visits adds to them; zeros where not corrected
    """

    score: Array
    start: Array
    weights: Array
    squares: Array
    start_squares: Array
    error: Array
    start_error: Array

    @property
    def gains(self) -> Array:
        """(s,) squared error of the start weights less that of the fitted ones."""
        return np.asarray((self.start_squares - self.start_error) - (self.squares - self.error))


@dataclass(frozen=True, eq=False)
class _Fit:
    """One set of weights, and what it does for its stores."""

    stores: StoreIndicators
    plan: FitPlan
    penalty: float
    weights: Array
    uncorrected: Array
    draws: Array
    curve: pd.DataFrame
    applied: float
    gram: Array
    fitted: Array
    started: Array
    unseen: _Unseen
    refused: bool


@dataclass(frozen=True, eq=False)
class _Job:
    """How every fit is made."""

    start: Array
    shrink: Shrink | float
    intercept: bool
    corrected: bool
    folds: int
    replicates: int
    level: float
    seed: int
    checklists_own: bool

    def run(self, stores: StoreIndicators) -> _Fit:
        """The fit, its bootstrap, and its predictions for stores it has not seen."""
        generator = np.random.default_rng(self.seed)
        plan, s = FitPlan.of(stores, self.start, self.intercept, self.corrected), len(stores.names)
        penalty, curve = self._penalty(plan, stores, generator)
        unseen = self._unseen(plan, stores, np.random.default_rng([self.seed, 1]))
        refused = self.shrink == "auto" and np.isfinite(penalty) and not stores.n @ unseen.gains > 0
        penalty, every = np.inf if refused else penalty, np.ones((1, s))
        gram, applied = plan.objective(stores, every)
        weights, plain = plan.fit(gram, penalty)[0], np.full(len(self.start), np.nan)
        if self.corrected:
            plain = plan.fit(replace(plan, corrected=False).objective(stores, every)[0], penalty)[0]
        draws = np.empty((0, len(weights)))
        if np.isfinite(penalty):
            taken = np.array([np.bincount(generator.integers(0, s, s), minlength=s) for _ in range(self.replicates)])
            draws = plan.fit(plan.objective(stores, taken)[0], penalty, weights)
        fitted, started = (plan.scores(stores, each[None], every)[0] for each in (weights, self.start))
        return _Fit(stores, plan, penalty, weights, plain, draws, curve, float(applied[0]), gram[0], fitted, started, unseen, refused)  # fmt: skip

    @property
    def _errors(self) -> float:
        """How many standard errors worse than the best a pull may be."""
        return 1.0 if self.shrink == "auto" else 0.0

    def _penalty(
        self, plan: FitPlan, stores: StoreIndicators, generator: np.random.Generator
    ) -> tuple[float, pd.DataFrame]:
        if isinstance(self.shrink, str):
            return choose_penalty(plan, stores, self.folds, generator, errors=self._errors)
        return float(self.shrink), pd.DataFrame(columns=["penalty", "error", "excess", "se"])

    def _penalties(
        self, plan: FitPlan, stores: StoreIndicators, learn: Array, generator: np.random.Generator
    ) -> Array | float:
        """The pull chosen anew in each set of stores."""
        if not isinstance(self.shrink, str):
            return float(self.shrink)
        return plan.cross_validated(stores, learn, _INNER, generator, errors=self._errors, repeats=_AGAIN)[0]

    def _unseen(self, plan: FitPlan, stores: StoreIndicators, generator: np.random.Generator) -> _Unseen:
        """Predictions for stores under weights of the other folds, the pull chosen anew in each."""
        s = len(stores.names)
        folds = min(self.folds, s)
        parts = np.array([fold_of(stores.names, folds, generator) for _ in range(REPEATS)])
        learn = (parts[:, None] != np.arange(folds)[:, None]).reshape(-1, s)
        weights = plan.fit(plan.objective(stores, learn)[0], self._penalties(plan, stores, learn, generator))
        own = np.arange(REPEATS)[:, None] * folds + parts  # (r, s) which set a store was left out of
        score, start = (
            plan.scores(stores, each, learn)[own, np.arange(s)]
            for each in (weights, np.broadcast_to(plan.start, weights.shape))
        )
        used = weights[own]
        error, start_error = np.zeros(s), np.zeros(s)
        if plan.corrected:
            error = np.einsum("rsk,skl,rsl->s", used, stores.errors, used) / REPEATS
            start_error = np.einsum("k,skl,l->s", plan.start, stores.errors, plan.start)
        squares, start_squares = (((stores.y - each) ** 2).mean(axis=0) for each in (score, start))
        return _Unseen(score, start, used, squares, start_squares, error, start_error)


def _result(
    asked: Asked,
    job: _Job,
    members: Mapping[Any, Array],
    own: Mapping[Any, _Fit],
    pooled: _Fit | None,
    by: str | None,
    need: int,
) -> FittedWeights:
    groups = list(members) if by else [ALL]
    fit_of = {group: own.get(group, pooled) for group in groups}
    found = {group: fit for group, fit in fit_of.items() if fit is not None}
    frame = pd.concat(
        [_weight_rows(fit, group, by, group in own or not by, job) for group, fit in found.items()], ignore_index=True
    )
    fits = pd.DataFrame(
        [_fit_row(fit, group, group in own or not by, asked.visits, job) for group, fit in found.items()]
    )
    shown = own if pooled is None else {**own, ALL: pooled}
    column = [replace(each, name="group", words={**each.words, ALL: EVERYBODY}) for each in asked.by_columns]
    rows = [row for group, fit in shown.items() for row in _agreement_rows(fit, group, job)]
    agreement = WeightAgreement(
        pd.DataFrame(rows), asked.language, by_columns=tuple(column), level=job.level, corrected=job.corrected
    )
    curves = pd.concat([fit.curve.assign(group=group) for group, fit in shown.items()], ignore_index=True)
    return FittedWeights(
        frame, asked.language, by=(by,) if by else (), by_columns=asked.by_columns, level=job.level,
        remarks=(*asked.remarks, *_remarks(asked, job, own, pooled, groups if by else [], need)), fits=fits, agreement=agreement,
        curves=curves, predictions=_predictions(asked, found, members if by else {ALL: np.arange(len(asked.group))}, own, by),
        unmatched=asked.unmatched, cautious=asked.cautious, words=asked.words, within=asked.within, corrected=job.corrected, intercept=job.intercept, shrink=job.shrink, replicates=job.replicates,
        folds=job.folds, seed=job.seed, checklists_own=job.checklists_own,
    )  # fmt: skip


def _weight_rows(fit: _Fit, group: Any, by: str | None, own: bool, job: _Job) -> pd.DataFrame:
    """The weights of one group."""
    k, tails = len(fit.weights), ((1 - job.level) / 2, (1 + job.level) / 2)
    low, high = np.quantile(fit.draws, tails, axis=0) if len(fit.draws) else np.full((2, k), np.nan)
    fixed = ~fit.plan.free
    low, high = np.where(fixed, np.nan, low), np.where(fixed, np.nan, high)
    zero = (fit.draws == 0).mean(axis=0) if len(fit.draws) else np.full(k, np.nan)
    kept = "refused" if fit.refused else "kept" if np.isinf(fit.penalty) else "" if own else "few"
    reason = np.where(fixed, "constant", kept)
    columns = {by: group} if by else {}
    return pd.DataFrame({
        **columns, "indicator": fit.stores.indicators, "start": fit.plan.start, "weight": fit.weights, "low": low, "high": high,
        "at_zero": np.where(fixed, np.nan, zero), "change": fit.weights - fit.plan.start, "uncorrected": fit.uncorrected,
        "reliability": fit.stores.reliability() if fit.stores.knows_error else np.nan, "n": len(fit.stores.names), "reason": reason,
    })  # fmt: skip


def _fit_row(fit: _Fit, group: Any, own: bool, visits: float, job: _Job) -> dict[str, Any]:
    """How one group's weights were fitted, and what they gain in stores they have not seen."""
    stores = fit.stores
    apart = fit.unseen.gains
    share = stores.n / stores.n.sum()
    gain, s = float(share @ apart), len(share)
    se = float(np.sqrt((share**2 * (apart - gain) ** 2).sum() * s / (s - 1)))
    low, high = t_interval(np.array(gain), np.array(se), np.array(s - 1.0), job.level)
    return {
        "group": group, "source": "own" if own else "pooled", "n": s, "visits": visits, "penalty": fit.penalty,
        "effective": effective_number(fit.weights), "zeros": int((fit.weights == 0).sum()), "applied": fit.applied, "refused": fit.refused,
        "gain": gain, "gain_low": float(low), "gain_high": float(high),
    }  # fmt: skip


def _agreement_rows(fit: _Fit, group: Any, job: _Job) -> list[dict[str, Any]]:
    """Before and after, in sample and outside of it."""
    stores, plan, unseen = fit.stores, fit.plan, fit.unseen
    inside = {
        name: w[plan.free] @ fit.gram @ w[plan.free] for name, w in (("start", plan.start), ("fitted", fit.weights))
    }
    share = stores.n / stores.n.sum()
    lines = [
        ("start", "in sample", fit.started[None], (stores.y - fit.started) ** 2, inside["start"]),  # what was minimised
        ("fitted", "in sample", fit.fitted[None], (stores.y - fit.fitted) ** 2, inside["fitted"]),
        (
            "start",
            "cross-validated",
            unseen.start,
            unseen.start_squares,
            share @ (unseen.start_squares - unseen.start_error),
        ),
        ("fitted", "cross-validated", unseen.score, unseen.squares, share @ (unseen.squares - unseen.error)),
    ]
    rows = []
    for weights, sample, scores, squares, known in lines:
        score, square = scores.mean(axis=0), float(share @ squares)
        left = float(known) if plan.corrected else np.nan
        r, low, high = _weighted_r(scores, stores.y, stores.n, job.level)
        rows.append({
            "group": group, "weights": weights, "sample": sample, "n": len(share), "r": r, "r_low": low, "r_high": high,
            "bias": float(share @ (score - stores.y)), "rmse": np.sqrt(square), "rmse_corrected": np.sqrt(max(left, 0.0)) if left == left else np.nan,
        })  # fmt: skip
    return rows


def _weighted_r(scores: Array, rating: Array, n: Array, level: float) -> tuple[float, float, float]:
    """Correlation weighted by customers, a mean over (r, s) sets of scores, with the interval of as many equal stores as these
    weights amount to (Kish)."""
    share = n / n.sum()
    a, b = scores - (scores @ share)[:, None], rating - share @ rating
    spread = np.sqrt((a**2 @ share) * (share @ b**2))
    room = 1 / float(share @ share) - 3
    if (spread <= 1e-12).any():
        return np.nan, np.nan, np.nan
    r = float(((a * b) @ share / spread).mean())
    if room <= 0:
        return r, np.nan, np.nan
    low, high = correlation_interval(np.array(r), np.array((1 - r**2) / np.sqrt(room)), np.array(np.inf), level)
    return r, float(low), float(high)


def _predictions(
    asked: Asked, found: Mapping[Any, _Fit], members: Mapping[Any, Array], own: Mapping[Any, _Fit], by: str | None
) -> pd.DataFrame:
    """A row per store: its rating, and its score under the start weights, the fitted ones, and those of the other folds."""
    parts = []
    for group, rows in members.items():
        fit = found[group]
        at = slice(None) if group in own or not by else rows
        parts.append(pd.DataFrame({
            "store": [asked.stores.names[k] for k in rows], "group": group, "rating": asked.stores.y[rows], "n": asked.stores.n[rows],
            "start": fit.started[at], "fitted": fit.fitted[at], "cross_validated": fit.unseen.score.mean(axis=0)[at],
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _remarks(
    asked: Asked, job: _Job, own: Mapping[Any, _Fit], pooled: _Fit | None, groups: Sequence[Any], need: int
) -> list[Text]:
    """What must be said of the stores and of the fits."""
    s, k = len(asked.stores.names), len(job.start)
    said: list[Text] = [{"en": f"{s} stores with scores and ratings, {asked.stores.n.sum():,.0f} customers, {k} weights",
                         "zh": f"兼有检查与客户评价的门店 {s} 家，客户 {asked.stores.n.sum():,.0f} 人，权重 {k} 个"}]  # fmt: skip
    few = [group for group in groups if group not in own]
    if few and pooled is not None:
        shown = [asked.by_columns[0].show(group, language) for language in ("en", "zh") for group in few]
        half = len(few)
        said.append({"en": f"fewer than {need} stores, so weights of all stores: {', '.join(shown[:half])}",
                     "zh": f"门店不足 {need} 家，采用全部门店的权重：{'、'.join(shown[half:])}"})  # fmt: skip
    fits = [*own.values(), *([pooled] if pooled is not None else [])]
    if any(len(fit.stores.names) < k for fit in fits):
        said.append({"en": "fewer stores than weights: many weights fit alike, the pull to the start weights decides between them",
                     "zh": "门店数少于权重个数：多组权重拟合同样好，由向起始权重的收缩决定取舍"})  # fmt: skip
    constant = [name for name, free in zip(asked.stores.indicators, fits[0].plan.free, strict=True) if not free]
    if constant:
        named = [[say(asked.words.get(name, {"en": name}), language) for name in constant] for language in ("en", "zh")]
        said.append({"en": f"the same in all stores, so kept at the start weight: {', '.join(named[0])}",
                     "zh": f"各店得分相同，保留起始权重：{'、'.join(named[1])}"})  # fmt: skip
    return said
