"""How long did it take, where some are still waiting? Kaplan and Meier's curve, with errors between clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.focus.mentions import theme_bounds

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Durations:
    """How long things took.

    Attributes
    ----------
    time : (n,) until it happened, or until it was last seen open
    happened : (n,) True where it happened
    cluster : (n,) numbers from 0 of what they lie in
    """

    time: Array
    happened: Array
    cluster: Array

    @property
    def n(self) -> int:
        return len(self.time)

    @property
    def clusters(self) -> int:
        return len(np.unique(self.cluster))


@dataclass(frozen=True)
class ByThen:
    """The share that happened by some time: ``share``, ``se``, ``low``, ``high``, ``df``; ``known`` (how many of which it is known whether
    it had happened by then)."""

    share: float
    se: float
    low: float
    high: float
    df: float
    known: int


def happened_by(durations: Durations, at: float, level: float = 0.95) -> ByThen:
    """The share that happened within ``at``, open ones counted for as long as they were seen.

    Notes
    -----
    ``1 − S(t)``, ``S(t) = Π (1 − d/Y)`` over times up to t, d of Y at risk. A case i moves S by
    ``ψ_i = −S(t) Σ (dN_i − Y_i d/Y)/(Y − d)``; ``V = m/(m − 1) Σ (Σ ψ)²`` over m clusters (infinitesimal jackknife). Without
    open cases that is the share with its ordinary error. The bounds are Wilson's on the effective number. Where waiting cases
    leave (are open when the register ends), those that still wait stand for them: open cases must not be open for long
    because they were seen late.

    nan where nobody was seen for so long: the last seen is open and was seen for less than ``at``.

    References
    ----------
    Kaplan and Meier (1958), J. Am. Statist. Assoc. 53, 457-481, doi:10.1080/01621459.1958.10501452. Checked against
    statsmodels, and R's ``survfit(…, cluster=)`` (tests/test_complaints.py).

    Examples
    --------
    >>> seen = Durations(np.array([1.0, 2, 2, 4]), np.array([True, True, False, True]), np.arange(4))
    >>> happened_by(seen, 3).share
    0.5
    """
    time, happened = durations.time, durations.happened
    known = int((happened & (time <= at)).sum() + (time > at).sum())
    nothing = ByThen(np.nan, np.nan, np.nan, np.nan, np.nan, known)
    if not durations.n:
        return nothing
    survived, psi = _survival(durations, at)
    if survived > 0 and time.max() < at:
        return nothing
    alone = durations.clusters < 2
    cluster = np.arange(durations.n) if alone else durations.cluster
    m = durations.n if alone else durations.clusters
    df = float(m - 1)
    if m < 2:
        return ByThen(1 - survived, np.nan, np.nan, np.nan, df, known)
    sums = np.bincount(cluster, psi)
    se = float(np.sqrt(m / (m - 1) * (sums**2).sum()))
    inside = 1e-12 < survived < 1 - 1e-12
    share = np.array([np.clip(1 - survived, 0.0, 1.0)]) if inside else np.array([np.rint(1 - survived)])
    size = durations.n if inside else max(known, 1)
    low, high = theme_bounds(share, np.array([se if inside else 0.0]), size, np.array([df]), level)
    return ByThen(float(share[0]), se if inside else 0.0, float(low[0]), float(high[0]), df, known)


def _survival(durations: Durations, at: float) -> tuple[float, Array]:
    """S(at) and what each case moves it by."""
    time, happened = durations.time, durations.happened
    times, place = np.unique(time, return_inverse=True)
    events = np.bincount(place, happened, len(times))
    risk = len(time) - np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(times)))[:-1]])
    within = (times <= at) & (events > 0)
    left = risk - events
    if (left[within] == 0).any():
        return 0.0, np.zeros(len(time))
    survived = float(np.prod(1 - events[within] / risk[within]))
    step = np.where(within, 1 / np.where(left > 0, left, 1), 0.0)  # of a case's own event
    borne = np.cumsum(step * events / risk)  # of being at risk, up to each time
    own = np.where(happened, step[place], 0.0)
    return survived, -survived * (own - borne[place])


def median_time(durations: Durations, level: float = 0.95) -> tuple[float, float, float]:
    """The time by which half happened, with its interval (Brookmeyer and Crowley: the times whose interval holds one half).

    nan where it has not come to that.

    References
    ----------
    Brookmeyer and Crowley (1982), Biometrics 38, 29-41, doi:10.2307/2530286.

    Examples
    --------
    >>> median_time(Durations(np.array([1.0, 2, 3, 4, 5]), np.full(5, True), np.arange(5)))[0]
    3.0
    """
    times = np.unique(durations.time[durations.happened])
    half = 0.5 - 1e-12

    def first(part: str) -> float:
        """The first time at which this part of the estimate reaches one half; all of them rise with time."""
        low, high = 0, len(times)
        while low < high:
            middle = (low + high) // 2
            value = getattr(happened_by(durations, float(times[middle]), level), part)
            low, high = (low, middle) if value >= half else (middle + 1, high)
        return float(times[low]) if low < len(times) else float("nan")

    return first("share"), first("high"), first("low")
