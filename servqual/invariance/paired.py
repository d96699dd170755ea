"""May perceptions be subtracted from expectations? A gap of dimensions presupposes one ruler for both forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial as bound
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.cfa.confirm import check_matrix
from servqual.cfa.fit import Sample, Solution
from servqual.cfa.model import KINDS, Kind, Line, ParameterTable, plan_model
from servqual.cfa.modification import score_test
from servqual.correlations import (
    OF_WORDS,
    AskedKind,
    ItemMatrix,
    KindRule,
    Of,
    PolychoricGamma,
    item_matrix,
    polychoric_gamma,
    side_of,
)
from servqual.invariance.groups import as_numbers, base_model, climbed, likelihood_ladder
from servqual.invariance.ladder import Ladder, LikelihoodLadder, Limits, Place
from servqual.invariance.ordered import (
    CLUSTERED,
    check_ordered,
    joined_categories,
    ladder_of,
    missing_categories,
    told_joined,
    with_joined,
)
from servqual.invariance.results import Invariance
from servqual.moments import Block, Cells, Moments, ScoreMap, answer_matrix, row_weights
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_choice
from survey_design.results import Text

if TYPE_CHECKING:
    from servqual.instruments import Item

Array = NDArray[Any]

FORMS: tuple[Of, Of] = ("expectation", "perception")
_LETTERS = ("E", "P")
_AS_NUMBERS: Text = {
    "en": "both forms of the same people are compared as numbers",
    "zh": "同一受访者的两份作答按数值比较",
}
_GROUP_WORDS = {f"group {form}": OF_WORDS[form] for form in FORMS}


def form_invariance(
    responses: Responses,
    *,
    model: Mapping[str, Sequence[str]] | None = None,
    kind: AskedKind = "pearson",
    rule: KindRule | None = None,
    collapse: bool = False,
    partial: bool = False,
    least_cfi: float = 0.90,
    worst_cfi: float = 0.01,
    worst_rmsea: float = 0.015,
    worst_rmsea_d: float = 0.08,
    least_n: int = 100,
) -> Invariance:
    """Whether expectations and perceptions are measured with the same ruler: what a gap of dimensions presupposes.

    A gap P − E of dimension means is a difference of what the dimension measures only if loadings and intercepts are the same
    in both forms (metric and scalar invariance). Otherwise it mixes this difference with a change of the ruler.

    Parameters
    ----------
    responses : Responses with both forms. Where the same people answered both (paired), one model holds 2 p items: each
        dimension is an expectation factor and a perception factor, all factors covary, and the residuals of an item covary across
        the forms. Where other people did (two files), the forms are two groups, as in :func:`invariance`
    model : factor -> items, by the perception form's ids; the instrument's dimensions if not given
    kind, rule, collapse : as in :func:`invariance`; ordered answers for two files only, paired ones are taken as numbers
    partial, least_cfi, worst_cfi, worst_rmsea, worst_rmsea_d : as in :func:`invariance`
    least_n : fewest respondents of a form

    Returns
    -------
    Invariance
        ``means()`` are latent gaps: factor means of perceptions less those of expectations.

    Notes
    -----
    Paired, with p items and k factors, the configural model has ``p (2 p + 3) - 7 p + 2 k - k (2 k + 1)`` degrees of freedom; metric adds
    ``p - k``, scalar ``p - k``, strict ``p``. An exact population returns its parameters and no chi-square; a general optimiser on
    the same likelihood ends at the same minimum (tests/test_invariance_forms.py).

    References
    ----------
    Vandenberg and Lance (2000), Organizational Research Methods 3, 4-70, doi:10.1177/109442810031002 (longitudinal form of
    the ladder, with residuals of an item covarying).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> instrument, rng = load_instrument("servqual-22"), np.random.default_rng(1)
    >>> names = [instrument.columns(form) for form in ("expectation", "perception")]
    >>> factors = rng.multivariate_normal(np.zeros(10), 0.4 + 0.6 * np.eye(10), 600)
    >>> at = [[each.id for each in instrument.dimensions].index(item.dimension) for item in instrument.items]
    >>> noise = rng.normal(size=(600, 44))
    >>> level = np.repeat([5.5, 4.8], 22)
    >>> values = np.clip(np.round(level + 0.8 * factors[:, at + [5 + j for j in at]] + 0.6 * noise), 1, 7).astype(int)
    >>> data = pd.DataFrame(values, columns=[column for own in names for column in own.values()])
    >>> found = form_invariance(Responses(data, instrument))
    >>> found.to_frame()["df"].tolist()
    [835, 852, 869, 891]
    >>> found.comparable
    True
    """
    check_choice("kind", kind, AskedKind)
    limits = Limits(least_cfi, worst_cfi, worst_rmsea, worst_rmsea_d)
    if responses.pairing == "independent":
        return _of_two_files(responses, model, kind, rule, collapse, least_n, limits, partial)
    if responses.pairing != "paired":
        raise SpecError(
            f"{responses.source.name} holds {responses.pairing.replace(' only', 's only')}: whether the ruler is the same in both forms "
            "needs expectations and perceptions."
        )
    if kind == "polychoric":
        raise SpecError(
            "kind='polychoric': both forms of the same people are compared as numbers only. Take kind='pearson'."
        )
    whole = _paired_matrix(responses, _items(responses, model))
    first = _first_form(whole)
    _check_size({"both forms": whole}, max(least_n, whole.k + 1))
    check_matrix(whole)
    base = base_model(first, model)
    ladder = LikelihoodLadder(base, (_sample(whole),), bound(paired_table, base), bound(_tests, base))
    both, said = dict.fromkeys(FORMS, first), [*whole.warnings, *([_AS_NUMBERS] if kind == "auto" else [])]
    return climbed(
        ladder, both, base, limits, by="form", partial=partial, remarks=said, forms="paired", words=_GROUP_WORDS,
        n_dropped=whole.n_dropped,
    )  # fmt: skip


def _items(responses: Responses, model: Mapping[str, Sequence[str]] | None) -> list[Item]:
    """The items of the model, in the instrument's order, that both forms have."""
    every = responses.instrument.items
    if model is None:
        return [item for item in every if responses.expectation is None or item.id in responses.matches]
    named = {item for group in model.values() for item in group}
    unknown = named - {item.id for item in every}
    lone = named & {item for form, item in responses.unmatched if form == "perception"}
    if unknown or lone:
        raise SpecError(
            f"The model names items that one of the forms lacks: {', '.join(sorted(unknown | lone))}. Leave them out."
        )
    return [item for item in every if item.id in named]


def _check_size(matrices: Mapping[str, ItemMatrix], least: int) -> None:
    small = [(name, each.n) for name, each in matrices.items() if each.n < least]
    if small:
        told = ", ".join(f"{name} {n}" for name, n in small)
        raise DataError(
            f"Whether both forms share a ruler is not testable this way: fewer than {least} complete answers ({told}). Differences of the "
            "ruler could not be seen. Ask more people, or give fewer items (model=...).",
            pd.DataFrame(small, columns=["form", "n"]),
        )


def _sample(matrix: ItemMatrix) -> Sample:
    return Sample(matrix.covariance * (matrix.n - 1) / matrix.n, matrix.n, matrix.mean)


# --- the same people ---------------------------------------------------------------------------------------


def _paired_matrix(responses: Responses, items: Sequence[Item]) -> ItemMatrix:
    """Means and covariances of the items of both forms, expectations first, over those who answered all of them."""
    instrument, k = responses.instrument, len(items)
    one = item_matrix(responses, of="perception", items=[item.id for item in items])
    columns = tuple(instrument.column(form, item.id) for form in FORMS for item in items)
    names = tuple(f"{letter}.{item.id}" for letter in _LETTERS for item in items)
    middle = np.full(2 * k, float(int(instrument.scale.midpoint)))
    plan = ScoreMap(columns, names, np.eye(2 * k, dtype=np.int64), np.ones(2 * k), ("all",) * (2 * k), middle)
    design, every = responses.design, np.ones(2 * k, dtype=bool)
    moments = Moments.from_blocks(
        (Block(answer_matrix(frame, columns), every, Cells.of(frame, design, ()), row_weights(frame, design))
         for frame in responses.frames(())),
        plan,
    )  # fmt: skip
    n = round(float(moments.total(None, 0)[1, 1]))
    if n < 2:
        raise DataError(f"{n} respondents answered all {k} items of both forms. Give fewer items (model=...).")
    return replace(
        one, names=names, labels=one.labels * 2, dimensions=one.dimensions * 2, mean=moments.means(),
        covariance=moments.covariance(), n=n, n_pairs=np.full((2 * k, 2 * k), n), n_dropped=responses.n - n,
    )  # fmt: skip


def _first_form(whole: ItemMatrix) -> ItemMatrix:
    """The expectations' part under the items' own names."""
    part = whole.subset(whole.names[: whole.k // 2])
    return replace(part, names=tuple(name.removeprefix("E.") for name in part.names), of="expectation")


def paired_table(base: ParameterTable, equal: tuple[Kind, ...], freed: Sequence[Place] = ()) -> ParameterTable:
    """The model of both forms in one group: 2 p items, 2 k factors, and what is held equal across the forms.

    Parameters
    ----------
    base : the model of one form, without means
    equal : kinds of numbers that are one in both forms
    freed : places of ``base`` that are not
    """
    p, k = len(base.items), len(base.factors)
    loads = base.of_kind("loading")
    listed: dict[str, list[str]] = {}
    for letter in _LETTERS:
        for row, column in zip(base.row[loads], base.column[loads], strict=True):
            listed.setdefault(f"{letter}.{base.factors[column]}", []).append(f"{letter}.{base.items[row]}")
    names = [f"{letter}.{item}" for letter in _LETTERS for item in base.items]
    pairs = [(names[i], names[p + i]) for i in range(p)]
    lines: list[Line] = [("intercept", i, i, 0.0, True) for i in range(2 * p)]
    lines += [("mean", j, j, 0.0, j >= k) for j in range(2 * k)] if "intercept" in equal else []
    table = plan_model(listed, names, residual_covariances=pairs).with_lines(lines)
    return _tied(table, p, k, set(equal), set(freed))


def _tied(table: ParameterTable, p: int, k: int, equal: set[Kind], freed: set[Place]) -> ParameterTable:
    """Numbers of the same place in both forms become one parameter."""
    taken: dict[Any, int] = {}
    free = np.full(len(table.free), -1)
    for line in np.flatnonzero(table.free >= 0):
        kind: Kind = KINDS[table.kind[line]]
        row, column = int(table.row[line]), int(table.column[line])
        place = (kind, row % p, column % (k if kind == "loading" else p))
        across = kind == "residual" and row != column
        tied = kind in equal and place not in freed and not across
        free[line] = taken.setdefault(place if tied else int(line), len(taken))
    return replace(table, free=free)


def _tests(base: ParameterTable, solution: Solution, places: Sequence[Place]) -> Array:
    """(c,) what chi-square would fall by if the perceptions' number were free."""
    p, k = len(base.items), len(base.factors)
    lines: Any = [(kind, p + row, (k if kind == "loading" else p) + column) for kind, row, column in places]
    return score_test(solution, lines)[0]


# --- other people ------------------------------------------------------------------------------------------


def _of_two_files(
    responses: Responses, model: Mapping[str, Sequence[str]] | None, kind: AskedKind, rule: KindRule | None, collapse: bool,
    least_n: int, limits: Limits, partial: bool,
) -> Invariance:  # fmt: skip
    files, raw, said = _matrices(responses, _items(responses, model), kind, rule, collapse)
    found = _named(raw)
    _check_size(found, max(least_n, found["perception"].k + 1))
    for matrix in found.values():
        check_matrix(matrix)
    base = base_model(found["perception"], model)
    ladder: Ladder
    if raw["perception"].kind == "polychoric":
        check_ordered(found, "form")
        ladder = ladder_of(base, [_gamma(files[form], raw[form]) for form in FORMS])
        said += [CLUSTERED] if any(side.design.stages for side in files.values()) else []
    else:
        ladder = likelihood_ladder(base, found)
    return climbed(
        ladder, found, base, limits, by="form", partial=partial, remarks=said, forms="independent", words=_GROUP_WORDS
    )


def _gamma(side: Responses, matrix: ItemMatrix) -> PolychoricGamma:
    return polychoric_gamma(side, matrix, clustered=bool(side.design.stages))


def _matrices(
    responses: Responses, items: Sequence[Item], kind: AskedKind, rule: KindRule | None, collapse: bool
) -> tuple[dict[Of, Responses], dict[Of, ItemMatrix], list[Text]]:
    """The file of each form, its matrix, both of one kind, and what must be said of that kind."""
    own: dict[str, list[str]] = {
        "perception": [item.id for item in items],
        "expectation": [responses.matches[item.id] for item in items],
    }
    files = {form: side_of(responses, form) for form in FORMS}

    def found(asked: AskedKind) -> dict[Of, ItemMatrix]:
        return {form: item_matrix(files[form], of=form, kind=asked, items=own[form], rule=rule) for form in FORMS}

    raw = found(kind)
    said = [each.because for each in raw.values() if each.because][:1]
    if any(each.kind == "pearson" for each in raw.values()):
        return files, found("pearson") if kind == "auto" else raw, said
    lacking = missing_categories(_named(raw))
    if lacking and collapse:
        joined = joined_categories(_named(raw))
        for form in FORMS:
            theirs = {own[form][own["perception"].index(item)]: pairs for item, pairs in joined.items()}
            files[form] = with_joined(files[form], form, theirs)
        return files, found("polychoric"), [*said, told_joined(joined)]
    if lacking and kind == "auto":
        return files, found("pearson"), [*said, as_numbers(lacking)]
    return files, raw, said


def _named(raw: Mapping[Of, ItemMatrix]) -> dict[str, ItemMatrix]:
    """Both matrices under the perception form's names."""
    names = raw["perception"]
    same = {"names": names.names, "labels": names.labels, "dimensions": names.dimensions}
    return {form: replace(raw[form], **same, dimension_labels=names.dimension_labels) for form in FORMS}  # type: ignore[arg-type]
