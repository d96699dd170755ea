"""What a fit minimises, and how hard it is held near the weights it started from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from servqual.index_weights.simplex import TIE, Array, simplex_weights
from servqual.index_weights.stores import StoreIndicators, share_taken_off
from survey_design.errors import DataError

REPEATS = 10  # partitions into folds, over which errors are averaged: one alone leaves the choice to its seed
PENALTIES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)  # pull to the start weights; inf keeps them


@dataclass(frozen=True, eq=False)
class FitPlan:
    """What is minimised: with or without intercept and correction, and where the weights start.

    Attributes
    ----------
    start : (k,) start weights
    free : (k,) False for an indicator that keeps its start weight
    unit : what a pull of 1 weighs: mean variance of the indicators between stores
    """

    start: Array
    free: Array
    unit: float
    intercept: bool
    corrected: bool

    @classmethod
    def of(cls, stores: StoreIndicators, start: Array, intercept: bool, corrected: bool) -> FitPlan:
        """Indicators without any variation keep their weight."""
        free = np.ptp(stores.x, axis=0) > 1e-9
        share = stores.n / stores.n.sum()
        spread = share @ (stores.x - share @ stores.x) ** 2
        if not free.any() or start[free].sum() <= 0:
            names = ", ".join(name for name, one in zip(stores.indicators, free, strict=True) if not one)
            raise DataError(
                f"no indicator with a start weight above 0 differs between stores (constant: {names}): nothing to fit."
            )
        return cls(start, free, float(spread[free].mean()), intercept, corrected)

    @property
    def total(self) -> float:
        """What the free weights sum to."""
        return float(self.start[self.free].sum())

    def centre(self, stores: StoreIndicators) -> tuple[Array, float]:
        """(k,) means of the scores and the mean rating to be taken off; zeros without an intercept."""
        if not self.intercept:
            return np.zeros(stores.x.shape[1]), 0.0
        share = stores.n / stores.n.sum()
        return share @ stores.x, float(share @ stores.y)

    def errors_left(self, stores: StoreIndicators, weights: Array, centre: tuple[Array, float]) -> Array:
        """(s,) ratings less weighted scores, after the means."""
        return np.asarray((stores.y - centre[1]) - (stores.x - centre[0]) @ weights)

    def losses(self, stores: StoreIndicators, weights: Array, centre: tuple[Array, float]) -> Array:
        """(s,) squared errors; corrected ones less what the error of the scores adds to them on average."""
        squares = self.errors_left(stores, weights, centre) ** 2
        return np.asarray(
            squares - np.einsum("k,skl,l->s", weights, stores.errors, weights) if self.corrected else squares
        )

    def objective(self, stores: StoreIndicators) -> tuple[Array, float]:
        """(f, f) H with mean squared error ``w'Hw`` for free weights w, and the share of the error that was taken off.

        Since the weights have a known sum T, ``y − Xw = (y/T 1' − X) w``.
        """
        fixed, total = ~self.free, self.total
        share, (mean, level) = stores.n / stores.n.sum(), self.centre(stores)
        y = (stores.y - level) - (stores.x - mean)[:, fixed] @ self.start[fixed]
        d = y[:, None] / total - (stores.x - mean)[:, self.free]
        gram = (d * share[:, None]).T @ d
        if not self.corrected:
            return gram, 0.0
        counted = share * (1 - share) if self.intercept else share
        error = np.einsum("s,skl->kl", counted, stores.errors)[np.ix_(self.free, self.free)]
        applied = share_taken_off(gram, error, len(share))
        return gram - applied * error, applied

    def fit(self, stores: StoreIndicators, penalty: float, first: Array | None = None) -> Array:
        """(k,) weights at one pull."""
        return self.path(stores, [penalty], first)[0]

    def path(self, stores: StoreIndicators, penalties: Sequence[float], first: Array | None = None) -> Array:
        """(j, k) weights at several pulls, each begun at the one before."""
        gram = self.objective(stores)[0]
        found, begin = [], self.start[self.free] if first is None else first[self.free]
        for penalty in penalties:
            weights = self.start.copy()
            if np.isfinite(penalty):
                pull = max(penalty * self.unit, TIE * float(np.trace(gram)), 1e-12)
                begin = simplex_weights(
                    gram + pull * np.eye(len(gram)), pull * self.start[self.free], total=self.total, first=begin
                )
                weights[self.free] = begin
            found.append(weights)
        return np.array(found)


def fold_of(names: Sequence[Any], folds: int, generator: np.random.Generator) -> Array:
    """(s,) fold of every store; which order the stores stand in changes nothing."""
    order = np.argsort([str(name) for name in names], kind="stable")
    fold = np.empty(len(names), dtype=int)
    fold[order] = generator.permutation(len(names)) % folds
    return fold


def choose_penalty(
    plan: FitPlan,
    stores: StoreIndicators,
    folds: int,
    generator: np.random.Generator,
    *,
    errors: float = 1.0,
    repeats: int = REPEATS,
) -> tuple[float, pd.DataFrame]:
    """The pull towards the start weights, by repeated cross-validation over stores, and the error at every pull.

    Returns
    -------
    penalty : the largest whose error exceeds the least by no more than so many standard ``errors`` of that difference
    frame : ``penalty, error`` (mean squared), ``excess`` over the least, and its ``se``

    Notes
    -----
    The rule of one standard error (Breiman and others 1984) asks for the simplest model that is not clearly worse. Errors at
    two pulls are of the same stores and move together, so the standard error is that of their difference. A single
    partition into folds is a draw of its own; each store's errors are means over ``repeats`` of them (Kim 2009, Computational
    Statistics & Data Analysis 53, 3735-3745, doi:10.1016/j.csda.2009.04.009).
    """
    parts = [fold_of(stores.names, min(folds, len(stores.names)), generator) for _ in range(repeats)]
    losses = np.mean([_fold_losses(plan, stores, fold) for fold in parts], axis=0)
    share = stores.n / stores.n.sum()
    error = share @ losses
    best = int(np.argmin(error))
    apart = losses - losses[:, [best]]
    excess = share @ apart
    se = np.sqrt((share[:, None] ** 2 * (apart - excess) ** 2).sum(axis=0) * len(share) / (len(share) - 1))
    chosen = max(j for j in range(len(PENALTIES)) if excess[j] <= errors * se[j])
    return PENALTIES[chosen], pd.DataFrame({"penalty": PENALTIES, "error": error, "excess": excess, "se": se})


def _fold_losses(plan: FitPlan, stores: StoreIndicators, fold: Array) -> Array:
    """(s, j) squared errors of every store at every pull, with weights of the other folds."""
    losses = np.empty((len(stores.names), len(PENALTIES)))
    for k in range(fold.max() + 1):
        learn, test = stores.rows(np.flatnonzero(fold != k)), np.flatnonzero(fold == k)
        centre, held = plan.centre(learn), stores.rows(test)
        for j, weights in enumerate(plan.path(learn, PENALTIES)):
            losses[test, j] = plan.losses(held, weights, centre)
    return losses
