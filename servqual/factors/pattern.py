"""Loadings and what belongs to them, as one value: turned, named and ordered together or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from servqual.factors.extraction import implied_by
from servqual.factors.intervals import LoadingErrors
from survey_design.errors import SpecError

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pattern:
    """Loadings with the factor correlations and errors that belong to them: turned, named and ordered together or not at all.

    Attributes
    ----------
    items, factors : (p,) and (m,) names
    loadings : (p, m) pattern: weight of each factor in an item
    phi : (m, m) correlations of the factors
    errors : standard errors and intervals of the loadings, or None
    """

    items: tuple[str, ...]
    factors: tuple[str, ...]
    loadings: Array
    phi: Array
    errors: LoadingErrors | None = None

    @property
    def structure(self) -> Array:
        """(p, m) correlations of items with factors."""
        return np.asarray(self.loadings @ self.phi)

    @property
    def communalities(self) -> Array:
        """(p,) share of each item's variance that the factors explain."""
        return np.asarray((self.structure * self.loadings).sum(axis=1))

    @property
    def uniquenesses(self) -> Array:
        """(p,) what is left: 1 minus the communality."""
        return 1.0 - self.communalities

    @property
    def implied(self) -> Array:
        """(p, p) the model's correlations, ``L phi L' + U``."""
        return implied_by(self.loadings, self.phi)

    @property
    def variance(self) -> Array:
        """(m,) variance of all items that each factor accounts for; they add up to the sum of the communalities."""
        return np.asarray(np.diagonal(self.phi @ self.loadings.T @ self.loadings).copy())

    @property
    def complexity(self) -> Array:
        """(p,) Hofmann's index, ``(sum l^2)^2 / sum l^4``: how many factors an item speaks of."""
        square = self.loadings**2
        return np.asarray(square.sum(axis=1) ** 2 / np.maximum((square**2).sum(axis=1), 1e-300))

    def reordered(self, order: ArrayLike) -> Pattern:
        """The factors in another order, with all that belongs to them."""
        at = np.asarray(order, dtype=int)
        if sorted(at.tolist()) != list(range(len(self.factors))):
            raise SpecError(
                f"order={at.tolist()} must name each of the {len(self.factors)} factors once, counted from 0."
            )
        errors = None if self.errors is None else self.errors.reordered(at)
        names = tuple(self.factors[k] for k in at)
        return replace(self, factors=names, loadings=self.loadings[:, at], phi=self.phi[np.ix_(at, at)], errors=errors)

    def reflected(self, signs: ArrayLike) -> Pattern:
        """Factors with sign -1 point the other way."""
        sign = np.asarray(signs, float)
        errors = None if self.errors is None else self.errors.reflected(sign)
        return replace(self, loadings=self.loadings * sign, phi=self.phi * np.outer(sign, sign), errors=errors)

    def display_order(self) -> Array:
        """(p,) items by the factor they load on most, then by how much."""
        size = np.abs(self.loadings)
        return np.lexsort((-size.max(axis=1), size.argmax(axis=1)))
