"""How sure, by computing everything again: clusters are re-weighted, the rows are not read again.

A replicate is a set of factors, one per first-stage unit. Sums of a replicate are factors times the sums of the
units, for all replicates one matrix product; the statistic is then computed from these sums as it was from the
sample's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.inference import Again, Interval, Spread, Taylor, Term, fractions, lonely_covariance
from servqual.moments import EVERYONE, Moments, one_blas_thread, rows_of
from survey_design.errors import SpecError

Array = NDArray[Any]

_MOST_UNITS = 10_000
_MOST_DROPPED = 4_000
_EMPTY_SHARE = 0.05  # replicates without anybody of a row that are tolerated


@dataclass(frozen=True)
class Bootstrap:
    """Rao-Wu rescaled bootstrap of first-stage units within strata.

    In a stratum of n units every replicate draws n - 1 of them with replacement; a unit drawn t times gets the factor
    ``1 - s + s t n/(n - 1)`` with ``s = sqrt(1 - f)`` for a sampled fraction f. The standard error is that of the
    replicates; the interval uses Student's t with the design's degrees of freedom, or, with ``percentile``, the
    replicates' own quantiles. Completely visited strata resample their respondents within clusters. Where clusters
    come from a finite population and only some of their customers were asked, the first-stage fraction is left out,
    which makes the error a little too large rather than too small.

    Parameters
    ----------
    replicates : how many; 2,000 settle a standard error to about 2%
    seed : the same seed gives the same replicates
    percentile : interval from quantiles of the replicates instead of their standard error

    References
    ----------
    Rao and Wu (1988), J. Am. Statist. Assoc. 83, 231-241, doi:10.1080/01621459.1988.10478591. Rao, Wu and Yue (1992),
    Survey Methodology 18, 209-217. Compared with Taylor's standard errors in tests/test_replicates.py.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Mean, SampleDesign, estimate
    >>> frame = pd.DataFrame({"store": list("aabbccdd"), "x": [1, 2, 4, 5, 3, 3, 6, 7]})
    >>> table = estimate(frame, Mean("x"), SampleDesign(clusters="store"), interval=Bootstrap(500, seed=1)).to_frame()
    >>> float(table.loc[0, "estimate"]), float(table.loc[0, "df"])
    (3.875, 3.0)
    """

    replicates: int = 2000
    seed: int = 0
    percentile: bool = False

    def __post_init__(self) -> None:
        if self.replicates < 2:
            raise SpecError(f"replicates={self.replicates}: at least 2 are needed, 2000 are usual.")

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """Spread of the estimates over the replicates."""
        units = _Units.of(_needed(again))
        factors = np.ones((self.replicates, len(units.group)))
        drawn = _drawn(self.replicates, self.seed, tuple(units.size))
        for group, (n, fraction) in enumerate(zip(units.size, units.fraction, strict=True)):
            if n > 1:
                scale = np.sqrt(1 - fraction)
                own = units.group == group
                factors[:, own] = 1 - scale + scale * n / (n - 1) * drawn[group][:, units.position[own]]
        with one_blas_thread():
            values, missing = _usable(units.values(factors, _needed(again)))
            deviations = values - values.mean(axis=0)
            covariance = deviations.T @ deviations / max(len(values) - 1, 1) + lonely_covariance(moments, terms)
        covariance[missing] = np.nan
        basis = Taylor().spread(moments, terms)
        kept = np.where(missing, np.nan, values) if self.percentile else None
        return Spread(covariance, basis.df, basis.lonely, kept)

    def sentence(self, language: str) -> str:
        """How the interval is made, in words."""
        if language == "zh":
            how = "分位数" if self.percentile else "标准误与 t 分布"
            return f"Rao–Wu 重标度自助法，{self.replicates:,} 次，种子 {self.seed}，{how}"
        how = "percentiles" if self.percentile else "standard error with Student's t"
        return f"Rao-Wu rescaled bootstrap, {self.replicates:,} replicates, seed {self.seed}, {how}"


@lru_cache(maxsize=1)  # all rows of a table are resampled alike
def _drawn(replicates: int, seed: int, sizes: tuple[int, ...]) -> list[Array]:
    """How often each unit of each stratum was drawn in every replicate."""
    generator = np.random.default_rng(seed)
    return [generator.multinomial(n - 1, np.full(n, 1 / n), size=replicates) if n > 1 else np.zeros((replicates, n), dtype=int)
            for n in sizes]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Kept:
    """An interval that keeps, by group, the covariance it was made from and, of a bootstrap, the replicates as well.

    What is handed on is what ``interval`` alone would have said. ``found`` is filled as the groups are computed.

    Examples
    --------
    >>> import pandas as pd
    >>> from servqual import Mean, estimate
    >>> kept = Kept(Bootstrap(100, seed=1), {})
    >>> table = estimate(pd.DataFrame({"x": [1, 2, 4, 5]}), Mean("x"), interval=kept).to_frame()
    >>> spread = next(iter(kept.found.values()))
    >>> bool(spread.se[0] == table.loc[0, "se"]), spread.replicates.shape
    (True, (100, 1))
    """

    interval: Interval
    found: dict[tuple[Any, ...] | None, Spread]

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """The spread of the interval inside, put aside under the group it is of."""
        own = self.interval
        whole = replace(own, percentile=True) if isinstance(own, Bootstrap) else own
        self.found[terms[0].domain] = spread = whole.spread(moments, terms, again)
        return spread if whole == own else replace(spread, replicates=None)

    def sentence(self, language: str) -> str:
        """How the interval inside is made, in words."""
        return self.interval.sentence(language)


@dataclass(frozen=True)
class Jackknife:
    """Each first-stage unit left out once: JK1 without strata, JKn with them.

    Dropping one of n units of a stratum multiplies the others by ``n/(n - 1)``; the variance is
    ``sum (1 - f)(n - 1)/n (value - mean of values)^2``. As in :class:`Bootstrap`, f counts for clusters only where
    everyone in them was asked.

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, 2nd ed., Springer, chapter 4, doi:10.1007/978-0-387-35099-8.
    Checked against R's ``survey`` 4.1 (tests/test_replicates.py).
    """

    def spread(self, moments: Moments, terms: Sequence[Term], again: Again | None = None) -> Spread:
        """Spread of the estimates over the samples with one unit left out."""
        units = _Units.of(_needed(again))
        sizes = np.array(units.size)
        if sizes[sizes > 1].sum() > _MOST_DROPPED:
            raise SpecError(f"a jackknife of {sizes.sum():,} units takes too long; use Taylor() or Bootstrap().")
        factors, scale = [], []
        for group, (n, fraction) in enumerate(zip(units.size, units.fraction, strict=True)):
            for dropped in range(n if n > 1 else 0):
                own = units.group == group
                kept = np.where(units.position == dropped, 0.0, n / (n - 1))
                factors.append(np.where(own, kept, 1.0))
                scale.append((1 - fraction) * (n - 1) / n)
        basis = Taylor().spread(moments, terms)
        if not factors:
            return Spread(np.zeros_like(basis.covariance), np.zeros_like(basis.df), basis.lonely)
        values = units.values(np.array(factors), _needed(again))
        missing = ~np.isfinite(values).all(axis=0)
        deviations = np.where(missing, 0.0, values - values.mean(axis=0))
        covariance = (deviations.T * np.array(scale)) @ deviations + lonely_covariance(moments, terms)
        covariance[missing] = np.nan
        return Spread(covariance, basis.df, basis.lonely)

    def sentence(self, language: str) -> str:
        """How the interval is made, in words."""
        if language == "zh":
            return "刀切法：逐一剔除第一阶段单元（JK1/JKn），t 分布自由度 = 群数 − 层数"
        return (
            "jackknife, one first-stage unit left out at a time (JK1/JKn), t with clusters − strata degrees of freedom"
        )


def _usable(values: Array) -> tuple[Array, Array]:
    """Replicates that hold somebody of every estimate, and (m,) True where more than one in twenty does not."""
    finite = np.isfinite(values)
    missing = (~finite).mean(axis=0) > _EMPTY_SHARE
    values = np.where(missing, 0.0, values)
    return values[np.isfinite(values).all(axis=1)], missing


def _needed(again: Again | None) -> Again:
    if again is None:
        raise SpecError("replicates need the data again; this result can only be computed with Taylor() or Student().")
    return again


@dataclass(frozen=True, eq=False)
class _Units:
    """The sums of every first-stage unit in every domain, and which factor applies to them.

    Attributes
    ----------
    domain : (pieces,) position among the moments' domains
    sums : (pieces, r, q) rows of the Gram matrix: the first one, or all
    group, position : (pieces,) stratum the unit is resampled in, and its place there
    size, fraction : (groups,) units and sampled fraction
    """

    domain: Array
    sums: Array
    group: Array
    position: Array
    size: list[int]
    fraction: list[float]
    domains: list[Any]

    @classmethod
    def of(cls, again: Again) -> _Units:
        moments, layout = again.moments, again.moments.layout
        clusters = fractions(layout.clusters, layout.size, layout.names)
        census = layout.clustered & (clusters == 1)
        by_row = (~layout.clustered | census)[layout.stratum]  # per first-stage unit: its respondents are resampled
        names = {domain: k for k, domain in enumerate(moments.domains)}
        of_cell = np.array([names[domain] for domain in moments.cells["domain"]])
        below = by_row[layout.psu]  # resampled within their first-stage unit
        drawn = below & (layout.subcluster >= 0)
        sums = moments.first if again.whole else moments.first[:, :1]
        n_psu, n_sub, n_strata = len(layout.stratum), int(layout.subcluster.max(initial=-1)) + 1, len(layout.names)
        parts = [
            (of_cell[~below], sums[~below], layout.stratum[layout.psu[~below]], layout.psu[~below]),
            (of_cell[drawn], sums[drawn], n_strata + layout.group[drawn], n_psu + layout.subcluster[drawn]),
        ]
        single = below & ~drawn
        number = int(moments.count[single, 0, 0].sum())
        if number > _MOST_UNITS or (number and again.answers is None):
            raise SpecError(f"{number:,} respondents would be resampled one by one; use Taylor().")
        if number and again.answers is not None and again.code is not None:
            rows = np.flatnonzero(single[again.code])
            z = rows_of(again.answers[rows], moments.map)
            weighted = z if again.weight is None else z * again.weight[rows, None]
            own = weighted[:, :, None] * z[:, None, :] if again.whole else weighted[:, None, :]
            cell = again.code[rows]
            parts.append((of_cell[cell], own, n_strata + layout.group[cell], n_psu + n_sub + rows))
        domain, sums, group, unit = (np.concatenate([part[k] for part in parts]) for k in range(4))
        finite = np.where(layout.population == EVERYONE, 1.0, 0.0)
        of_group = layout.stratum[layout.psu_of_group]
        whole_clusters = np.zeros(n_strata)
        np.maximum.at(whole_clusters, of_group, finite)
        people = np.bincount(of_group, layout.units, n_strata)
        direct = fractions(np.where(layout.clustered, 0, people), np.where(layout.clustered, np.nan, layout.size),
                           layout.names)  # fmt: skip
        second = fractions(layout.units, layout.population, layout.names[of_group])
        within = np.where(layout.clustered[of_group], second, direct[of_group])
        fraction = np.concatenate([clusters * whole_clusters, within])
        return cls._coded(domain, sums, group, unit, fraction, moments.domains)

    @classmethod
    def _coded(
        cls, domain: Array, sums: Array, group: Array, unit: Array, fraction: Array, domains: list[Any]
    ) -> _Units:
        used, code = np.unique(group, return_inverse=True)
        position, size = np.zeros(len(code), dtype=int), []
        for k in range(len(used)):
            distinct, place = np.unique(unit[code == k], return_inverse=True)
            position[code == k] = place
            size.append(len(distinct))
        return cls(domain, sums, code, position, size, [float(value) for value in fraction[used]], domains)

    def values(self, factors: Array, again: Again) -> Array:
        """(replicates, m) the estimates from the sums under each set of factors."""
        r, q = self.sums.shape[1:]
        places = {domain: k for k, domain in enumerate(self.domains)}

        def sums_of(domain: Any) -> Array:
            own = self.domain == places.get(domain, -1)
            return (factors[:, own] @ self.sums[own].reshape(-1, r * q)).reshape(len(factors), r, q)

        with np.errstate(invalid="ignore", divide="ignore"):  # a replicate may hold nobody of a domain
            return again.values(sums_of)
