"""Which set of actions is best, in each of many draws at once, and what proves it?

Actions that meet where room is short make a part, and needs and exclusions join parts: every set of a part is written
down. A set of actions is one choice from each part. Parts have in common only rows ``use <= limit``: the budget, and
rules between parts. With a price y for each row no set can bring more than Lagrange's bound,
``y limit + sum_p max_s (value_ps - y use_ps)``. A choice that lies so much below its part's maximum costs the whole set
as much, so that only sets whose losses add up to less than ``bound - best known`` need be looked at. They are put
together part by part, for all draws at once; of two beginnings of which one costs no more and brings as much, the other
is dropped. The best of what is left is the best set: nothing is guessed. The best sets of earlier draws are the best
known ones of later draws, which leaves little to look at.

References: Fisher (1981), The Lagrangian relaxation method for solving integer programming problems, Management Science
27(1), 1-18, doi:10.1287/mnsc.27.1.1; Nemhauser and Ullmann (1969), Discrete dynamic programming and capital allocation,
Management Science 15(9), 494-505, doi:10.1287/mnsc.15.9.494.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servqual.moments import one_blas_thread
from servqual.priorities.programme import Rules, Sets, Solved, Units, prices, solved_cost, solved_set

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_WRITTEN = 16  # actions of a part up to which all its sets are written down
_JOINED = 9  # actions of a part up to which a rule joins parts; beyond, the rule is a row
_PACKED = 3  # actions of small parts put together
_ROWS = 3_000_000  # beginnings held at once
_CELLS = 8_000_000  # cells of a table of sets by draws held at once
_BEAM = 24  # beginnings kept for each draw where a good set is looked for, not yet the best
_STAGES = (4, 16, 64, 256)  # draws at a time: the first ones find good sets for the later ones
_KNOWN = 400  # best sets that later draws are compared with
_ROUNDS = 3  # over the prices of several rows
_STEPS = 60  # at most, for one price; tangents usually meet within ten
_SAME = 1e-12  # share of the bound by which a set must be better to be another one


# --- parts -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Part:
    """Some actions, every set of them that keeps the rules among them, and what each set uses of every row."""

    actions: Places
    sets: Sets
    use: Array


@dataclass(frozen=True, eq=False)
class _Parts:
    """All parts, and the limits (rows,) that they have in common, the budget first."""

    parts: tuple[_Part, ...]
    limit: Array
    n: int

    def sets(self, codes: Places) -> Sets:
        """(sets, n) from the place of each part's choice, (sets, parts)."""
        found = np.zeros((len(codes), self.n), dtype=bool)
        for p, part in enumerate(self.parts):
            found[:, part.actions] = part.sets[codes[:, p]]
        return found

    def at(self, chosen: Places) -> _Parts:
        """In another order."""
        return replace(self, parts=tuple(self.parts[p] for p in chosen))


def _parts(rules: Rules, apart: Array, fixed: Mapping[int, int]) -> _Parts | None:
    """Actions in parts; None if a part has too many to write down its sets. ``apart`` (units, n): who meets where room is short."""
    owner = np.arange(rules.n)
    for members in apart:
        owner[np.isin(owner, owner[members > 0])] = owner[members > 0][0]
    for a, b in (*rules.excludes, *rules.needs):
        both = np.isin(owner, owner[[a, b]])
        if both.sum() <= _JOINED:
            owner[both] = owner[a]
    groups = _packed([np.flatnonzero(owner == each) for each in np.unique(owner)])
    if max(map(len, groups)) > _WRITTEN:
        return None
    rows, limit = _rows(rules, owner)
    parts = []
    for actions in groups:
        sets = _sets_of(rules, actions, fixed)
        parts.append(_Part(actions, sets, sets @ rows[:, actions].T))
    return _Parts(tuple(parts), limit, rules.n)


def _packed(groups: list[Places]) -> list[Places]:
    """Small groups put together, the next into the first that has a place left: fewer, larger parts are quicker."""
    packed: list[Places] = []
    for group in sorted(groups, key=len, reverse=True):
        k = next((k for k, each in enumerate(packed) if len(each) + len(group) <= _PACKED), len(packed))
        packed[k : k + 1] = [np.concatenate([*packed[k : k + 1], group])]
    return packed


def _rows(rules: Rules, owner: Places) -> tuple[Array, Array]:
    """The budget and all rules between parts as ``rows @ x <= limit``."""
    lines = [(rules.cost, rules.budget + rules.slack)]
    one = np.eye(rules.n)
    lines += [(one[a] - one[b], 0.0) for a, b in rules.needs if owner[a] != owner[b]]
    lines += [(one[a] + one[b], 1.0) for a, b in rules.excludes if owner[a] != owner[b]]
    for members, number in rules.least:
        if len(np.unique(owner[list(members)])) > 1:
            lines.append((-one[list(members)].sum(axis=0), -float(number)))
    return np.array([row for row, _ in lines]), np.array([limit for _, limit in lines])


def _sets_of(rules: Rules, actions: Places, fixed: Mapping[int, int]) -> Sets:
    """(sets, actions) every set of some actions that keeps the rules among them, and holds in or out what is held."""
    place = {int(a): k for k, a in enumerate(actions)}
    own = replace(
        rules, cost=rules.cost[actions],
        needs=tuple((place[a], place[b]) for a, b in rules.needs if a in place and b in place),
        excludes=tuple((place[a], place[b]) for a, b in rules.excludes if a in place and b in place),
        least=tuple((tuple(place[a] for a in members), number) for members, number in rules.least if set(members) <= set(place)),
    )  # fmt: skip
    sets = (np.arange(2 ** len(actions))[:, None] >> np.arange(len(actions)) & 1).astype(bool)
    kept = own.kept_by(sets)
    for a, value in fixed.items():
        if a in place:
            kept &= sets[:, place[a]] == bool(value)
    return sets[kept]


def _values(parts: _Parts, units: Units, rise: Array, weight: Array, apart: Sets, charge: Array) -> list[Array]:
    """For each part (draws, sets) what its sets bring, less the tiny charge that makes the cheapest of equal sets the best."""
    alone = units.alone(rise, weight, apart) - charge
    found = []
    for part in parts.parts:
        table = part.sets.astype(float).T
        value = alone[:, part.actions] @ table
        for u in np.flatnonzero(apart & units.touches[:, part.actions].any(axis=1)):
            lifted = (rise[:, part.actions] * units.touches[u, part.actions]) @ table
            value += np.minimum(lifted, units.room[u]) * weight[:, [u]]
        found.append(value)
    return found


# --- prices and losses -------------------------------------------------------------------------------------


def _bound(parts: _Parts, values: Sequence[Array], price: Array) -> tuple[Array, Array]:
    """(draws,) Lagrange's bound at prices (draws, rows), and (draws, rows) what is left of each limit by the sets that reach it."""
    bound, left = price @ parts.limit, np.tile(parts.limit, (len(price), 1))
    lines = np.arange(len(price))
    for part, value in zip(parts.parts, values, strict=True):
        net = value - price @ part.use.T
        best = net.argmax(axis=1)
        bound += net[lines, best]
        left -= part.use[best]
    return bound, left


def _best_prices(parts: _Parts, values: Sequence[Array]) -> Array:
    """(draws, rows) prices of 0 or more with a bound as low as one row at a time can make it."""
    draws, rows = len(values[0]), len(parts.limit)
    price = np.zeros((draws, rows))
    spread = sum(np.ptp(value, axis=1) for value in values)
    for _ in range(_ROUNDS if rows > 1 else 1):
        for row in range(rows):
            price[:, row] = _best_price(parts, values, price, row, spread)
    return price


def _best_price(parts: _Parts, values: Sequence[Array], price: Array, row: int, spread: Array) -> Array:
    """(draws,) the price of one row that makes the bound lowest, the others as they are: where the tangents of both sides meet."""
    steps = np.concatenate([np.diff(np.unique(part.use[:, row])) for part in parts.parts])
    steps = steps[
        steps > 1e-9 * max(float(np.abs(part.use[:, row]).max()) for part in parts.parts)
    ]  # not what rounding left
    if not steps.size:
        return np.zeros(len(price))

    def at(one: Array) -> tuple[Array, Array]:
        tried = price.copy()
        tried[:, row] = one
        bound, left = _bound(parts, values, tried)
        return bound, left[:, row]

    low, high = np.zeros(len(price)), 1.0 + 2 * spread / steps.min()
    (low_bound, low_left), (high_bound, high_left) = at(low), at(high)
    for _ in range(_STEPS):
        open_ = (low_left < 0) & (high_left > 0)
        if not open_.any():
            break
        meet = np.where(open_, (low_bound - high_bound + high_left * high - low_left * low)
                        / np.where(open_, high_left - low_left, 1.0), low)  # fmt: skip
        bound, left = at(meet)
        least = low_bound + low_left * (meet - low)  # the bound cannot be lower than where the tangents meet
        done = ~open_ | (bound <= least + 1e-10 * np.abs(bound)) | (meet <= low) | (meet >= high)
        below, above = ~done & (left < 0), ~done & (left >= 0)
        low, low_bound, low_left = (
            np.where(below, new, old) for new, old in ((meet, low), (bound, low_bound), (left, low_left))
        )
        high, high_bound, high_left = (
            np.where(above, new, old) for new, old in ((meet, high), (bound, high_bound), (left, high_left))
        )
        low = np.where(done & open_, meet, low)
        low_left = np.where(done, 0.0, low_left)
    return np.where(low_left >= 0, low, np.where(low_bound <= high_bound, low, high))


# --- the search --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Beginnings:
    """Choices from the first parts: whose draw, what they have lost, what they use of the rows, and which set of each part they took."""

    draw: Places
    loss: Array
    used: Array
    codes: NDArray[np.int32]

    def kept(self, which: Any) -> _Beginnings:
        """Some of them."""
        return _Beginnings(self.draw[which], self.loss[which], self.used[which], self.codes[which])


@dataclass(frozen=True, eq=False)
class _Losses:
    """For some draws: the bound, prices (draws, rows), and for each part (draws, sets) what a choice loses against the part's best one.

    ``same`` (draws,) is so little that rounding may make as much of nothing.
    """

    bound: Array
    same: Array
    price: Array
    losses: list[Array]

    @classmethod
    def of(cls, parts: _Parts, values: Sequence[Array]) -> _Losses:
        """At the lowest bound that prices give."""
        price = _best_prices(parts, values)
        nets = [value - price @ part.use.T for part, value in zip(parts.parts, values, strict=True)]
        bound = price @ parts.limit + sum(net.max(axis=1) for net in nets)
        same = np.maximum(_SAME * sum(np.abs(value).max(axis=1) for value in values), 1e-300)
        return cls(bound, same, price, [net.max(axis=1, keepdims=True) - net for net in nets])

    def worth(self, begun: _Beginnings, limit: Array) -> Array:
        """What whole sets bring: the bound less what was lost, and less the price of what is left of the limits."""
        return self.bound[begun.draw] - begun.loss - (self.price[begun.draw] * (limit - begun.used)).sum(axis=1)


def _put_together(parts: _Parts, found: _Losses, gap: Array, beam: int = 0) -> _Beginnings | None:
    """All sets that lose less than ``gap`` (draws,), but for those that others outdo; with ``beam`` only so many beginnings a draw.

    None if they are too many to hold.
    """
    draws, rows = len(found.bound), len(parts.limit)
    begun = _Beginnings(
        np.arange(draws), np.zeros(draws), np.zeros((draws, rows)), np.zeros((draws, 0), dtype=np.int32)
    )
    least = np.array([part.use.min(axis=0) for part in parts.parts])
    # the least that the parts to come use, and the rows that none of them touches
    later = np.vstack([np.cumsum(least[::-1], axis=0)[::-1][1:], np.zeros(rows)])
    touched = np.array([part.use.any(axis=0) for part in parts.parts])
    closed = ~np.vstack([np.logical_or.accumulate(touched[::-1])[::-1][1:], np.zeros(rows, dtype=bool)])
    for p, part in enumerate(parts.parts):
        line, code = np.nonzero(found.losses[p] < gap[:, None])
        count = np.bincount(line, minlength=draws)
        each = count[begun.draw]
        if each.sum() > _ROWS:
            return None
        old = np.repeat(np.arange(len(each)), each)
        first = (np.cumsum(count) - count)[begun.draw[old]]
        new = code[first + np.arange(len(old)) - np.repeat(np.cumsum(each) - each, each)]
        loss = begun.loss[old] + found.losses[p][begun.draw[old], new]
        used = begun.used[old] + part.use[new]
        fine = (loss < gap[begun.draw[old]]) & (used + later[p] <= parts.limit).all(axis=1)
        old, new = old[fine], new[fine]
        begun = _Beginnings(
            begun.draw[old], loss[fine], used[fine], np.column_stack([begun.codes[old], new.astype(np.int32)])
        )
        if len(begun.draw) > 4 * draws:
            begun = begun.kept(_not_outdone(begun, found, closed[p]))
        if beam:
            begun = begun.kept(_nearest(begun, beam))
    return begun


def _not_outdone(begun: _Beginnings, found: _Losses, closed: Sets) -> Sets:
    """True for beginnings that no other one of the draw outdoes: one that costs no more, brings as much, and uses the same of other rows.

    Rows that are ``closed``, as no later part touches them, are kept for good.
    """
    worth = (found.price[begun.draw] * begun.used).sum(axis=1) - begun.loss
    used = begun.used[:, 1:][:, ~closed[1:]]
    order = np.lexsort((-worth, begun.used[:, 0], *used.T, begun.draw))
    key = np.column_stack([begun.draw, used])[order]
    group = np.concatenate([[0], np.cumsum((key[1:] != key[:-1]).any(axis=1))])
    steps = np.round(worth / found.same[begun.draw])  # rounding apart, what is equal is the same step
    height = group * len(order) + np.unique(steps, return_inverse=True)[1][order]
    best = np.maximum.accumulate(height)
    kept = np.zeros(len(order), dtype=bool)
    kept[order[np.concatenate([[True], height[1:] > best[:-1]])]] = True
    return kept


def _nearest(begun: _Beginnings, beam: int) -> Sets:
    """True for the beginnings of each draw that have lost least."""
    order = np.lexsort((begun.loss, begun.draw))
    draw = begun.draw[order]
    kept = np.zeros(len(order), dtype=bool)
    kept[order[np.arange(len(order)) - np.searchsorted(draw, draw) < beam]] = True
    return kept


def _best_codes(parts: _Parts, values: Sequence[Array], known: Places) -> Places | None:
    """(draws, parts) the best choice from each part in each draw, -1 where nothing keeps the rules; None if there is too much to hold.

    ``known`` (sets, parts) are good sets; of equally good ones the first is kept.
    """
    lines = np.arange(len(values[0]))
    found = _Losses.of(parts, values)
    worth, codes = np.full(len(lines), -np.inf), np.full((len(lines), len(parts.parts)), -1)
    if len(known):
        table = np.sum([value[:, known[:, p]] for p, value in enumerate(values)], axis=0)
        first = table.argmax(axis=1)
        worth, codes = table[lines, first], known[first]
    order = np.argsort([float((loss < (found.bound - worth)[:, None]).sum()) for loss in found.losses], kind="stable")
    sorted_ = parts.at(order)
    found = replace(found, losses=[found.losses[p] for p in order])
    for beam in (_BEAM, 0):
        begun = _put_together(sorted_, found, found.bound - worth - found.same, beam)
        if begun is None:
            return None
        reached = found.worth(begun, parts.limit)
        place = np.lexsort((-reached, begun.draw))
        place = place[np.unique(begun.draw[place], return_index=True)[1]]
        place = place[reached[place] > (worth + found.same)[begun.draw[place]]]
        draw = begun.draw[place]
        worth[draw] = reached[place]
        codes[draw[:, None], order] = begun.codes[place]
    return codes


# --- verbs -------------------------------------------------------------------------------------------------


def best_sets(
    rules: Rules,
    units: Units,
    rise: Array,
    weight: Array,
    *,
    known: Sets | None = None,
    fixed: Mapping[int, int] | None = None,
) -> Sets | None:
    """(draws, n) the set that brings most in each draw, the cheapest of those that bring the same; None if no set keeps the rules.

    Parameters
    ----------
    rise : (draws, n) what each action lifts
    weight : (draws, units)
    known : (sets, n) sets that keep the rules, with which all draws are compared first
    fixed : actions held in (1) or out (0)
    """
    apart = units.tight(rise)
    parts = _parts(rules, units.touches[apart], fixed or {})
    if parts is None:
        return _solved(rules, units, rise, weight, fixed or {})
    if not _possible(parts):
        return None
    codes = np.zeros((0, len(parts.parts)), dtype=np.intp) if known is None else _codes(parts, known)
    taken, start = np.zeros(rise.shape, dtype=bool), 0
    with one_blas_thread():
        for size in _sizes(len(rise), sum(len(part.sets) for part in parts.parts)):
            part = slice(start, start + size)
            charge = prices(rules, units, rise[part], weight[part])
            values = _values(parts, units, rise[part], weight[part], apart, charge)
            best = _best_codes(parts, values, codes)
            if best is None:
                solved = _solved(rules, units, rise[part], weight[part], fixed or {})
                if solved is None:
                    return None
                taken[part] = solved
            elif (best < 0).any():
                return None
            else:
                taken[part] = parts.sets(best)
                codes = _first_seen(np.vstack([codes, best]))[:_KNOWN]
            start += size
    return taken


def _possible(parts: _Parts) -> bool:
    """False where a part has no set, or the least of each row is beyond its limit."""
    if not all(len(part.sets) for part in parts.parts):
        return False
    return bool((sum(part.use.min(axis=0) for part in parts.parts) <= parts.limit).all())


def _sizes(draws: int, sets: int) -> list[int]:
    """How many draws at a time: few at first, then as many as can be held."""
    most = max(1, min(_STAGES[-1], _CELLS // sets))
    sizes: list[int] = []
    while sum(sizes) < draws:
        stage = min(most, _STAGES[min(len(sizes), len(_STAGES) - 1)])
        sizes.append(min(stage, draws - sum(sizes)))
    return sizes


def _codes(parts: _Parts, sets: Sets) -> Places:
    """(sets, parts) the place of each part's choice."""
    found = [(sets[:, part.actions][:, None, :] == part.sets).all(axis=2).argmax(axis=1) for part in parts.parts]
    return np.column_stack(found)


def _first_seen(codes: Places) -> Places:
    """The same rows once each, in the order in which they came."""
    return codes[np.sort(np.unique(codes, axis=0, return_index=True)[1])]


def _solved(rules: Rules, units: Units, rise: Array, weight: Array, fixed: Mapping[int, int]) -> Sets | None:
    """The same by the integer programme, draw by draw: where a part has too many sets, or too many beginnings are as good."""
    found = [solved_set(rules, units, *each, fixed=fixed) for each in zip(rise, weight, strict=True)]
    return (
        None if any(each is None for each in found) else np.array([each.chosen for each in found if each is not None])
    )


def best_set(
    rules: Rules, units: Units, rise: Array, weight: Array, *, fixed: Mapping[int, int] | None = None
) -> Solved | None:
    """The set that brings most for gains (n,) and weights (units,), the cheapest of those that bring the same; None if no set keeps the rules.

    >>> units = Units(np.eye(3), np.ones(3))
    >>> rules = Rules(np.array([4.0, 3.0, 2.0]), 5.0)
    >>> best_set(rules, units, np.array([0.6, 0.4, 0.3]), np.ones(3)).chosen.tolist()
    [False, True, True]
    """
    found = best_sets(rules, units, rise[None], weight[None], fixed=fixed)
    if found is None:
        return None
    benefit = float(units.benefit(found[0], rise, weight))
    return Solved(found[0], benefit, benefit)


def cheapest_cost(rules: Rules, units: Units) -> float | None:
    """The least that a set can cost which keeps all but the budget; None if no set does."""
    free = replace(rules, budget=float(rules.cost.sum()))
    parts = _parts(free, units.touches[:0], {})
    if parts is None:
        return solved_cost(rules, units)
    if not _possible(parts):
        return None
    found = _best_codes(
        parts, [-part.use[:, :1].T for part in parts.parts], np.zeros((0, len(parts.parts)), dtype=np.intp)
    )
    if found is None:
        return solved_cost(rules, units)
    return None if (found < 0).any() else float(rules.cost[parts.sets(found)[0]].sum())
