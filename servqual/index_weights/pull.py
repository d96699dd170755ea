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
_ALIKE = 1e-12  # errors that differ by no more than this share of them are the same: no pull then moves anything


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

    def scores(self, stores: StoreIndicators, weights: Array, taken: Array) -> Array:
        """(b, s) weighted scores of all stores under (b, k) weights, moved by the intercept that the stores taken need."""
        scores = weights @ stores.x.T
        if not self.intercept:
            return scores
        return np.asarray(scores + (_shares(stores, taken) * (stores.y - scores)).sum(axis=1, keepdims=True))

    def objective(self, stores: StoreIndicators, taken: Array) -> tuple[Array, Array]:
        """(b, f, f) H with mean squared error ``w'Hw`` for free weights w, and the (b,) shares of the error that were taken off.

        ``taken`` (b, s) says how often each store counts: 0 or 1 for parts of the stores, more where they are drawn again.
        Since the weights have a known sum T, ``y − Xw = (y/T 1' − X) w``.
        """
        fixed, share = ~self.free, _shares(stores, taken)
        y = stores.y - stores.x[:, fixed] @ self.start[fixed]
        d = y[:, None] / self.total - stores.x[:, self.free]
        if self.intercept:
            d = d - (stores.n / stores.n.sum()) @ d  # sums about a mean that is near to each of theirs
        gram = np.tensordot(share, d[:, :, None] * d[:, None, :], axes=1)
        if self.intercept:
            mean = share @ d
            gram -= mean[:, :, None] * mean[:, None, :]
        if not self.corrected:
            return gram, np.zeros(len(taken))
        alone = stores.n / (taken @ stores.n)[:, None]
        counted = share * (1 - alone) if self.intercept else share
        error = stores.error_sums(counted, stores.of_visit(taken))[:, self.free][:, :, self.free]
        applied = share_taken_off(gram, error, taken.sum(axis=1))
        return gram - applied[:, None, None] * error, applied

    def fit(self, gram: Array, penalty: Array | float, first: Array | None = None) -> Array:
        """(b, k) weights that make (b, f, f) objectives least at one pull, or at (b,); the search begins at the ``first``."""
        penalties = np.broadcast_to(np.asarray(penalty, dtype=float), len(gram))
        some, free = np.flatnonzero(np.isfinite(penalties)), np.flatnonzero(self.free)
        weights = np.tile(self.start, (len(gram), 1))
        begin = np.broadcast_to(self.start if first is None else first, weights.shape)
        least = np.maximum(TIE * np.trace(gram[some], axis1=1, axis2=2), 1e-12)
        pull = np.maximum(penalties[some] * self.unit, least)[:, None]
        pulled = gram[some] + pull[:, :, None] * np.eye(len(free))
        if len(some):
            weights[np.ix_(some, free)] = simplex_weights(
                pulled, pull * self.start[free], total=self.total, first=begin[np.ix_(some, free)]
            )
        return weights

    def unseen_losses(self, stores: StoreIndicators, learn: Array, folds: Array) -> Array:
        """(l, s, j) squared errors of every store of a set at every pull, with weights of the other folds of its set.

        ``learn`` (l, s) is True for the stores of each set, ``folds`` (l, r, s) has their fold in r partitions, over which errors are
        averaged, and -1 elsewhere. Corrected errors are less what the error of the scores adds to them on average.
        """
        held = folds[:, :, None] == np.arange(folds.max() + 1)[:, None]
        owner = np.nonzero(held.any(axis=3))[0]
        held = held[held.any(axis=3)]
        taken = (learn[owner] & ~held).astype(float)
        gram, weights = self.objective(stores, taken)[0], None
        of_visit = stores.of_visit(held.astype(float)) if self.corrected else None
        losses = np.zeros((*learn.shape, len(PENALTIES)))
        for j, penalty in enumerate(PENALTIES):
            weights = self.fit(gram, penalty, weights)
            squares = (stores.y - self.scores(stores, weights, taken)) ** 2
            found = squares if of_visit is None else squares - stores.error_of_score(weights, of_visit)
            np.add.at(losses[:, :, j], owner, np.where(held, found, 0.0))
        return losses / folds.shape[1]

    def cross_validated(
        self,
        stores: StoreIndicators,
        learn: Array,
        folds: int,
        generator: np.random.Generator,
        *,
        errors: float,
        repeats: int,
    ) -> tuple[Array, Array, Array, Array]:
        """(l,) pulls chosen for (l, s) sets of stores, as :func:`choose_penalty` does for one; and (l, j) the error at every pull,
        its excess over the least, and the standard error of that excess."""
        parts = np.full((len(learn), repeats, learn.shape[1]), -1)
        for own, part in zip(learn, parts, strict=True):
            names = [stores.names[k] for k in np.flatnonzero(own)]
            part[:, own] = [fold_of(names, min(folds, len(names)), generator) for _ in range(repeats)]
        losses = self.unseen_losses(stores, learn, parts)
        share, s = _shares(stores, learn)[:, :, None], learn.sum(axis=1)[:, None]
        error = (share * losses).sum(axis=1)
        best = error.argmin(axis=1)[:, None, None]
        apart = losses - np.take_along_axis(losses, best, axis=2)
        excess = (share * apart).sum(axis=1)
        se = np.sqrt((share**2 * (apart - excess[:, None]) ** 2).sum(axis=1) * s / (s - 1))
        unworse = excess <= errors * se + _ALIKE * np.abs(error)
        return np.array(PENALTIES)[len(PENALTIES) - 1 - unworse[:, ::-1].argmax(axis=1)], error, excess, se


def _shares(stores: StoreIndicators, taken: Array) -> Array:
    """(b, s) share of the customers of the stores taken, each counted as often as it was."""
    n = taken * stores.n
    return np.asarray(n / n.sum(axis=1, keepdims=True))


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
    every = np.ones((1, len(stores.names)), dtype=bool)
    chosen, *curve = plan.cross_validated(stores, every, folds, generator, errors=errors, repeats=repeats)
    columns = zip(("error", "excess", "se"), (each[0] for each in curve), strict=True)
    return float(chosen[0]), pd.DataFrame({"penalty": PENALTIES, **dict(columns)})
