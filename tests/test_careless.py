"""Careless answers: each index against the papers' definitions, R and scipy; what flags do and what they never do.

The slow versions below are written from the definitions, one respondent and one answer at a time, and share no code
with the package. The numbers of R come from version 1.2.2 of `careless` (CRAN, MIT) under R 4.2.2 with psych 2.2.9.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from scipy.stats import chi2

from servqual import Responses, SampleDesign, load_instrument, score_gaps, score_performance
from servqual.careless import (
    CarelessFlags,
    even_odd_consistency,
    flag_careless,
    longest_string,
    mahalanobis_squared,
    response_variability,
    share_of_one_answer,
)
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from servqual.simulate import DEFAULT_TRUTH, Fieldwork, simulate_study
from survey_design import DataError, SpecError

NAN = float("nan")
KIOSK = Path(__file__).parent / "studies" / "kiosk-24.toml"
SERVQUAL = load_instrument("servqual-22")
P = list(SERVQUAL.columns("perception").values())
E = list(SERVQUAL.columns("expectation").values())
BOOL = ["longest", "straight", "variability", "even_odd", "mahalanobis", "too_fast", "careless"]


def instrument_of(sizes=(5, 4, 4), *, forms="EP", reverse=(), high=7) -> Instrument:
    """Dimensions of these many items, named i0, i1, ..., columns ``P_i0`` and/or ``E_i0``."""
    letters = {"E": "expectation", "P": "perception"}
    owner = [f"d{k}" for k, size in enumerate(sizes) for _ in range(size)]
    items = tuple(Item(f"i{j}", d, {"en": f"i{j}"}, {"en": ""}, reverse=j in reverse) for j, d in enumerate(owner))
    asked = tuple(Form(letters[letter], f"{letter}_{{id}}") for letter in forms)
    dimensions = tuple(Dimension(f"d{k}", {"en": f"d{k}"}) for k in range(len(sizes)))
    return Instrument("made", "1", {"en": "made"}, "", Scale(1, high), asked, dimensions, items)


def responses_of(answers, instrument=None, *, form="perception", extra=None, **options) -> Responses:
    """Answers to one form as ticked, (n, items)."""
    answers = np.asarray(answers, float)
    instrument = instrument or instrument_of((answers.shape[1],), forms="P")
    frame = pd.DataFrame(answers, columns=list(instrument.columns(form).values()))
    return Responses(frame.assign(**(extra or {})), instrument, **options)


def careful(n: int, items: int, seed: int, forms: int = 1) -> np.ndarray:
    """(n, items * forms) whole answers from 1 to 7 that hang together."""
    rng = np.random.default_rng(seed)
    latent = 4.5 + 0.8 * rng.standard_normal((n, 1)) + 1.1 * rng.standard_normal((n, items * forms))
    return np.clip(np.rint(latent), 1, 7)


def line_of(flags: CarelessFlags, index: str, form: str | None = None) -> pd.Series:
    rows = flags.frame[flags.frame["index"] == index]
    return (rows if form is None else rows[rows["form"] == form]).iloc[0]


# --- the definitions, slowly -------------------------------------------------------------------------------


def slow_longest(row) -> int:
    """Johnson (2005): the longest string of one consecutive answer; a blank is no answer."""
    best = 0
    for start in range(len(row)):
        length = 0
        while start + length < len(row) and row[start + length] == row[start]:
            length += 1
        best = max(best, length)
    return best


def slow_share(row) -> float:
    given = [x for x in row if not math.isnan(x)]
    return max(given.count(x) for x in given) / len(given) if given else NAN


def slow_irv(row) -> float:
    """Dunn et al. (2018): the standard deviation of a person's answers."""
    given = [x for x in row if not math.isnan(x)]
    if len(given) < 2:
        return NAN
    mean = sum(given) / len(given)
    return math.sqrt(sum((x - mean) ** 2 for x in given) / (len(given) - 1))


def slow_even_odd(row, dimensions) -> float:
    """Meade and Craig (2012): within-person correlation of half-scale means, corrected for length."""
    pairs = []
    for items in dimensions:
        odd = [row[j] for k, j in enumerate(items, start=1) if k % 2 == 1 and not math.isnan(row[j])]
        even = [row[j] for k, j in enumerate(items, start=1) if k % 2 == 0 and not math.isnan(row[j])]
        if odd and even:
            pairs.append((sum(odd) / len(odd), sum(even) / len(even)))
    if len(pairs) < 3:
        return NAN
    mean_odd, mean_even = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
    cross = sum((x - mean_odd) * (y - mean_even) for x, y in pairs)
    spread = sum((x - mean_odd) ** 2 for x, _ in pairs) * sum((y - mean_even) ** 2 for _, y in pairs)
    if spread < 1e-12:
        return NAN
    r = cross / math.sqrt(spread)
    return -1.0 if r <= -1 / 3 else 2 * r / (1 + r)


def slow_mahalanobis(answers) -> list[float]:
    """Solved by elimination, from sums over complete rows; blanks take their items out."""
    full = [row for row in answers if not any(math.isnan(x) for x in row)]
    k = len(answers[0])
    mean = [sum(row[j] for row in full) / len(full) for j in range(k)]
    cov = [
        [sum((row[a] - mean[a]) * (row[b] - mean[b]) for row in full) / (len(full) - 1) for b in range(k)]
        for a in range(k)
    ]
    found = []
    for row in answers:
        there = [j for j in range(k) if not math.isnan(row[j])]
        away = [row[j] - mean[j] for j in there]
        solved = eliminate([[cov[a][b] for b in there] for a in there], away)
        found.append(sum(x * y for x, y in zip(away, solved, strict=True)))
    return found


def eliminate(matrix, right) -> list[float]:
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = max(range(k, len(rows)), key=lambda j: abs(rows[j][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for j in range(len(rows)):
            if j != k:
                factor = rows[j][k] / rows[k][k]
                rows[j] = [x - factor * y for x, y in zip(rows[j], rows[k], strict=True)]
    return [row[-1] / row[k] for k, row in enumerate(rows)]


SHEETS = st.integers(1, 12).flatmap(
    lambda items: st.lists(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, 6.0, 7.0, NAN]), min_size=items, max_size=items),
        min_size=1,
        max_size=8,
    )
)


@given(SHEETS)
@settings(deadline=None)
def test_strings_and_spread_are_those_of_the_definitions(sheet):
    answers = np.array(sheet)
    length, repeated = longest_string(answers)
    assert length.tolist() == [slow_longest(row) for row in sheet]
    share, answer = share_of_one_answer(answers, 1, 7)
    np.testing.assert_allclose(share, [slow_share(row) for row in sheet], rtol=0)
    np.testing.assert_allclose(response_variability(answers), [slow_irv(row) for row in sheet], rtol=1e-12, atol=1e-12)
    for row, n, x, most, y in zip(sheet, length, repeated, share, answer, strict=True):
        if n:
            assert any(row[k : k + n] == [x] * n for k in range(len(row)))
            assert row.count(y) == round(most * np.isfinite(row).sum())


@given(SHEETS, st.integers(2, 4))
@settings(deadline=None)
def test_consistency_is_that_of_the_definition(sheet, size):
    answers = np.array(sheet)
    dimensions = [np.arange(start, start + size) for start in range(0, answers.shape[1] - size + 1, size)]
    if dimensions:
        slow = [slow_even_odd(row, dimensions) for row in sheet]
        np.testing.assert_allclose(even_odd_consistency(answers, dimensions), slow, atol=1e-9)


def test_distances_are_those_of_the_definition_with_and_without_blanks():
    answers = careful(40, 6, seed=1)
    answers[3, 2] = answers[5, 0] = answers[7, [1, 4]] = NAN
    distance, df = mahalanobis_squared(answers)
    np.testing.assert_allclose(distance, slow_mahalanobis(answers.tolist()), rtol=1e-9)
    assert df.tolist() == np.isfinite(answers).sum(axis=1).tolist()


def test_distances_are_scipys():
    answers = careful(300, 22, seed=2)
    mean, inverse = answers.mean(axis=0), np.linalg.inv(np.cov(answers, rowvar=False))
    flags = flag_careless(responses_of(answers), mahalanobis=0.05)
    expected = np.array([mahalanobis(row, mean, inverse) ** 2 for row in answers])
    np.testing.assert_allclose(flags.flags["mahalanobis_perception"], expected, rtol=1e-9)
    np.testing.assert_allclose(flags.flags["mahalanobis_p_perception"], chi2.sf(expected, 22), rtol=1e-9)
    assert flags.flags["mahalanobis"].tolist() == (chi2.sf(expected, 22) < 0.05).tolist()


# --- another program ---------------------------------------------------------------------------------------

# > longstring(x); irv(x); -evenodd(x, c(3, 2, 2)); mahad(x[complete.cases(x), ], plot = FALSE)
# and for the rows with blanks: mahalanobis(x[i, a], colMeans(cc)[a], cov(cc)[a, a]), a = the items answered
ROWS = np.array([
    [4, 4, 4, 4, 4, 4, 4], [7, 6, 7, 2, 1, 4, 4], [1, 7, 1, 7, 1, 7, 1], [5, 5, 6, 6, 6, 3, 3], [2, 3, 2, 5, 6, 5, 5],
    [6, 6, 6, 6, 5, 6, 6], [3, NAN, 4, 4, 2, 2, 1], [1, 2, 3, 4, 5, 6, 7], [7, 7, 5, 5, 5, 5, 6],
    [NAN, 5, 5, NAN, 6, 2, 2], [6, 4, 5, 3, 3, 1, 2], [2, 2, 1, 4, 4, 7, 6], [5, 3, 6, 4, 7, 5, 4],
])  # fmt: skip
R_LONG = [7, 2, 1, 3, 2, 4, 2, 1, 4, 2, 2, 2, 1]
R_IRV = [0, 2.3704530409, 3.2071349029, 1.3451854183, 1.6329931619, 0.3779644730, 1.2110601416, 2.1602468995, 0.9511897312,
         1.8708286934, 1.7182493860, 2.2146697056, 1.3451854183]  # fmt: skip
R_EVEN_ODD = [NAN, 0.9866666667, -1, 0.9921001507, 0.9716754071, NAN, 1, 0.9966887054, 0.9282032303, 1, 0.9989733049,
              0.9993122418, -1]  # fmt: skip
R_DISTANCE = [0.5228159636, 7.3972654213, 8.8056292448, 4.9693133891, 3.6986558239, 6.7818890299, 7.8346151784, 7.2455330657,
              7.7620246821, 6.0932038231, 6.7997946792, 7.5432336598, 8.4738450406]  # fmt: skip
R_TWO_PAIRS = [6, 9]  # rows where R correlates over two pairs, which is always 1 or -1; here they stay open


def test_indices_are_those_of_r_careless():
    dimensions = [np.array([0, 1, 2]), np.array([3, 4]), np.array([5, 6])]
    assert longest_string(ROWS)[0].tolist() == R_LONG
    np.testing.assert_allclose(response_variability(ROWS), R_IRV, atol=1e-9)
    expected = np.array(R_EVEN_ODD)
    expected[R_TWO_PAIRS] = NAN
    np.testing.assert_allclose(even_odd_consistency(ROWS, dimensions), expected, atol=1e-9)
    np.testing.assert_allclose(mahalanobis_squared(ROWS)[0], R_DISTANCE, atol=1e-9)


R_KIOSK = {  # sum and >= 12 of longstring; sum and == 0 of irv; sum, NA and < .3 of evenodd; max, sum and p < .001 of mahad
    "expectation": (1774, 48, 253.80859573, 5, 160.79443571, 12, 7, 101.11565040, 4632.0, 20),
    "perception": (803, 4, 265.18570760, 1, 130.95863277, 2, 23, 99.56237056, 4632.0, 8),
}


@pytest.mark.parametrize("form", R_KIOSK)
def test_real_answers_give_what_r_careless_gives(shared, form):
    kiosk = Responses(shared.frame("kiosk_servqual.csv"), load_instrument(KIOSK), respondent="id")
    flags = flag_careless(kiosk, even_odd=0.3)
    long, irv, odd, far = (
        flags.flags[f"{name}_{form}"] for name in ("longest", "variability", "even_odd", "mahalanobis")
    )
    found = (long.sum(), line_of(flags, "longest", form)["flagged"], irv.sum(), line_of(flags, "straight", form)["flagged"],
             odd.sum(), odd.isna().sum(), line_of(flags, "even_odd", form)["flagged"],
             far.max(), far.sum(), line_of(flags, "mahalanobis", form)["flagged"])  # fmt: skip
    np.testing.assert_allclose(found, R_KIOSK[form], rtol=1e-9)
    assert flags.flags["respondent"].tolist() == kiosk.frame["id"].tolist()


# --- by hand -----------------------------------------------------------------------------------------------


def test_a_form_worked_by_hand():
    answers = [[4] * 12, [7, 7, 7, 7, 7, 7, 1, 2, 3, 4, 5, 6], [1, 7] * 6, [7, 7, 7, 7, 7, NAN, 7, 7, 7, 7, 7, 1]]
    flags = flag_careless(responses_of(answers))
    assert flags.flags["longest_perception"].tolist() == [12, 6, 1, 5]
    assert flags.flags["straight_perception"].tolist() == pytest.approx([1, 0.5, 0.5, 10 / 11])
    assert flags.flags["longest"].tolist() == [True, True, False, False], "half of 12 is 6; a blank ends the string"
    assert flags.flags["straight"].tolist() == [True, False, False, False]
    squares = [0, 385 - 63**2 / 12, 300 - 48**2 / 12, 491 - 71**2 / 11]
    spread = [math.sqrt(q / (m - 1)) for q, m in zip(squares, (12, 12, 12, 11), strict=True)]
    assert flags.flags["variability_perception"].tolist() == pytest.approx(spread)
    row = line_of(flags, "longest")
    assert row[["threshold", "origin", "n", "flagged", "share", "at_top"]].tolist() == [6, "half", 4, 2, 0.5, 1]
    assert line_of(flags, "any")["flagged"] == 2


def test_of_equal_strings_the_first_and_of_equal_shares_the_lowest_answer_counts():
    answers = np.array([[7, 7, 2, 2, 5]])
    assert longest_string(answers)[1].tolist() == [7]
    assert share_of_one_answer(answers, 1, 7)[1].tolist() == [2]


@pytest.mark.parametrize(("items", "half"), [(10, 5), (13, 7), (22, 11)])
def test_half_of_the_items_is_rounded_up(items, half):
    assert line_of(flag_careless(responses_of(careful(30, items, seed=3))), "longest")["threshold"] == half


def test_consistency_by_hand():
    # halves (1, 2), (4, 3), (6, 7): deviations -8/3, 1/3, 7/3 and -2, -1, 3; r = 12 / sqrt(114/9 * 14); 2r / (1 + r)
    pairs = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    r = 12 / math.sqrt(114 / 9 * 14)
    assert even_odd_consistency(np.array([[1.0, 2, 4, 3, 6, 7]]), pairs)[0] == pytest.approx(2 * r / (1 + r))


# --- what must hold for any answers ------------------------------------------------------------------------


def test_the_order_of_items_touches_only_strings():
    answers, rng = careful(200, 13, seed=4), np.random.default_rng(4)
    answers[rng.random(answers.shape) < 0.03] = NAN
    order = rng.permutation(13)
    before, after = (flag_careless(responses_of(a)).flags for a in (answers, answers[:, order]))
    for name in ("straight", "variability", "mahalanobis", "mahalanobis_p"):
        np.testing.assert_allclose(before[f"{name}_perception"], after[f"{name}_perception"], rtol=1e-9)
    assert (before["longest_perception"] != after["longest_perception"]).any()


def test_a_shift_and_a_turned_item_change_no_distance():
    answers = careful(100, 8, seed=5)
    shifted, turned = answers + 3, answers.copy()
    turned[:, 2] = 8 - turned[:, 2]
    for changed in (shifted, turned, 10 * answers):
        np.testing.assert_allclose(mahalanobis_squared(changed)[0], mahalanobis_squared(answers)[0], rtol=1e-9)
    np.testing.assert_allclose(response_variability(shifted), response_variability(answers), rtol=1e-12)


def test_distances_of_complete_rows_sum_to_items_times_n_minus_1():
    answers = careful(64, 9, seed=6)
    assert mahalanobis_squared(answers)[0].sum() == pytest.approx(9 * 63)


def test_a_straight_line_is_the_same_thing_in_three_indices():
    answers = careful(150, 11, seed=7)
    answers[:9] = np.arange(9)[:, None] % 7 + 1
    flags = flag_careless(responses_of(answers)).flags
    straight = flags["straight"]
    assert straight.sum() >= 9
    assert (straight == (flags["variability_perception"] == 0)).all()
    assert (straight == (flags["longest_perception"] == 11)).all()


def test_flags_remove_nobody_and_change_nothing():
    data = pd.DataFrame(careful(50, 22, seed=8), columns=P)
    data.iloc[0] = 7
    kept = data.copy()
    responses = Responses(data, SERVQUAL)
    frame, ledger = responses.frame.copy(), responses.ledger.to_frame()
    flags = flag_careless(responses)
    flags.without()
    assert len(flags.flags) == responses.n == 50
    pd.testing.assert_frame_equal(data, kept)
    pd.testing.assert_frame_equal(responses.frame, frame)
    pd.testing.assert_frame_equal(responses.ledger.to_frame(), ledger)
    assert flags.responses is responses


def test_any_is_the_union_and_the_table_counts_the_flags():
    responses = responses_of(careful(120, 13, seed=9), instrument_of((5, 4, 4), forms="P"), extra={"t": np.arange(120)})
    flags = flag_careless(
        responses, longest=4, straight=0.6, variability=0.8, even_odd=0.3, mahalanobis=0.05, seconds_column="t"
    )
    assert (flags.flags["careless"] == flags.flags[BOOL[:-1]].any(axis=1)).all()
    for index in BOOL[:-1]:
        row = line_of(flags, index)
        assert row["flagged"] == flags.flags[index].sum() > 0
        assert row["share"] == row["flagged"] / row["n"]
        assert row["origin"] == ("reading" if index == "too_fast" else "set")
    assert line_of(flags, "any")["flagged"] == flags.flags["careless"].sum()


# --- reverse items -----------------------------------------------------------------------------------------


def test_strings_are_sought_in_the_answers_as_ticked():
    instrument = instrument_of((6, 6), forms="P", reverse=(2, 3, 7, 10))
    ticked = careful(30, 12, seed=10)
    ticked[0] = 6  # the same box throughout, agreeing and disagreeing in turn
    ticked[1] = [6, 6, 2, 2, 6, 6, 6, 2, 6, 6, 2, 6]  # of one opinion throughout
    flags = flag_careless(responses_of(ticked, instrument)).flags
    assert flags.loc[0, ["longest_perception", "straight_perception"]].tolist() == [12, 1]
    assert flags.loc[1, ["longest_perception", "straight_perception"]].tolist() == [3, pytest.approx(8 / 12)]
    assert flags["straight"].tolist()[:2] == [True, False]
    ticked[:, 11] = NAN
    blank = flag_careless(responses_of(ticked, instrument)).flags
    assert blank.loc[:1, "longest_perception"].tolist() == [11, 3]


def test_consistency_takes_reverse_items_turned_round():
    plain, turned = (instrument_of((4, 4, 4), forms="P", reverse=reverse) for reverse in ((), (1, 4, 11)))
    answers = careful(40, 12, seed=11)
    ticked = answers.copy()
    ticked[:, [1, 4, 11]] = 8 - ticked[:, [1, 4, 11]]
    a, b = flag_careless(responses_of(answers, plain)).flags, flag_careless(responses_of(ticked, turned)).flags
    for name in ("even_odd", "mahalanobis"):
        np.testing.assert_allclose(a[f"{name}_perception"], b[f"{name}_perception"], rtol=1e-9)


# --- planted -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """Thirty simulated studies of 900 interviews: 5% answer at random, 5% tick one box throughout."""
    parts = []
    for seed in range(1, 31):
        study, rng = simulate_study(DEFAULT_TRUTH, seed), np.random.default_rng(seed)
        n = len(study.intercept)
        order, answers = rng.permutation(n), study.intercept[P].to_numpy().copy()
        answers[order[:45]] = rng.integers(1, 8, (45, 22))
        answers[order[45:90]] = rng.integers(1, 8, (45, 1))
        kind = np.full(n, "careful", dtype=object)
        kind[order[:45]], kind[order[45:90]] = "random", "straight"
        seconds = np.where(kind == "random", rng.uniform(0.5, 1.8, n), rng.lognormal(np.log(6), 0.35, n)) * 22
        responses = responses_of(answers, SERVQUAL, extra={"seconds": seconds})
        flags = flag_careless(responses, seconds_column="seconds").flags
        parts.append(flags.assign(kind=kind, seed=seed, inconsistent=flags["even_odd_perception"] < 0.3))
    return pd.concat(parts, ignore_index=True)


def test_planted_respondents_are_found(planted):
    hits = planted.groupby("kind")[["longest", "straight", "mahalanobis"]].mean()
    assert hits.loc["straight", ["longest", "straight"]].tolist() == [1, 1]
    assert hits.loc["random", "mahalanobis"] > 0.99
    assert planted[planted["kind"] == "random"].groupby("seed")["mahalanobis"].mean().min() > 0.9
    assert hits.loc["straight", "mahalanobis"] == 0, "a straight line is not far from the centre"
    assert hits.loc["random", ["longest", "straight"]].tolist() == [0, 0], "random answers make no strings"


def test_careful_respondents_are_seldom_flagged(planted):
    careful_ones = planted[planted["kind"] == "careful"]
    assert careful_ones[["longest", "straight", "mahalanobis"]].any(axis=1).mean() < 0.015
    assert careful_ones.groupby("seed")["careless"].mean().max() < 0.03
    assert careful_ones["mahalanobis"].mean() < 0.001
    assert careful_ones["too_fast"].mean() < 0.002
    assert planted.loc[planted["kind"] == "random", "too_fast"].all()


def test_the_customary_cut_of_consistency_would_catch_careful_people_too(planted):
    rate = planted.groupby("kind")["inconsistent"].mean()
    assert 0.17 < rate["careful"] < 0.22
    assert 0.55 < rate["random"] < 0.65, "which is why it is shown and not flagged"


def test_distances_hide_each_other_when_many_answer_at_random():
    rng = np.random.default_rng(0)
    answers = simulate_study(DEFAULT_TRUTH, 5, fieldwork=Fieldwork(interviews=6000)).intercept[P].to_numpy(float)
    found = {}
    for share in (0.05, 0.2, 0.4):
        mixed, k = answers.copy(), round(6000 * share)
        mixed[:k] = rng.integers(1, 8, (k, 22))
        found[share] = flag_careless(responses_of(mixed, SERVQUAL)).flags["mahalanobis"][:k].mean()
    assert found[0.05] > 0.97
    assert 0.75 < found[0.2] < 0.88
    assert found[0.4] < 0.25


# --- what cannot be said -----------------------------------------------------------------------------------


def test_short_forms_are_shown_and_not_flagged():
    flags = flag_careless(responses_of([[5] * 6] * 3 + careful(20, 6, seed=12).tolist()))
    assert line_of(flags, "longest")["reason"] == line_of(flags, "straight")["reason"] == "few items"
    assert not flags.flags[["longest", "straight"]].to_numpy().any()
    assert flags.flags["longest_perception"][0] == 6
    assert flag_careless(flags.responses, longest=6).flags["longest"][:3].all()


@pytest.mark.parametrize("sizes", [(5,), (4, 4), (4, 4, 1, 1, 1)])
def test_consistency_needs_three_dimensions_of_two_items(sizes):
    flags = flag_careless(responses_of(careful(40, sum(sizes), seed=13), instrument_of(sizes, forms="P")), even_odd=0.3)
    row = line_of(flags, "even_odd")
    assert (row["reason"], row["n"]) == ("few dimensions", 0)
    assert np.isnan([row["flagged"], row["share"]]).all()
    assert "needs 3 dimensions of two items or more" in str(flags)


def test_consistency_has_no_default_cut():
    few = responses_of(careful(40, 6, seed=14), instrument_of((2, 2, 2), forms="P"))
    many = responses_of(careful(40, 20, seed=14), instrument_of((2,) * 10, forms="P"))
    assert [line_of(flag_careless(r), "even_odd")["reason"] for r in (few, many)] == ["coarse", "no cut"]
    assert line_of(flag_careless(many, even_odd=0.3), "even_odd")["flagged"] > 0


def test_distances_need_more_complete_forms_than_items():
    answers = careful(14, 12, seed=15)
    assert line_of(flag_careless(responses_of(answers)), "mahalanobis")["n"] == 14
    row = line_of(flag_careless(responses_of(answers[:13])), "mahalanobis")
    assert (row["reason"], row["n"]) == ("few rows", 0)


def test_items_that_repeat_or_do_not_vary_are_counted_once():
    answers = careful(60, 5, seed=16)
    padded = np.column_stack([answers, answers[:, 0], np.full(60, 7)])
    distance, df = mahalanobis_squared(padded)
    np.testing.assert_allclose(distance, mahalanobis_squared(answers)[0], rtol=1e-9)
    assert set(df) == {5}
    flags = flag_careless(responses_of(padded))
    assert line_of(flags, "mahalanobis")["reason"] == "singular"
    np.testing.assert_allclose(flags.flags["mahalanobis_p_perception"], chi2.sf(distance, 5), rtol=1e-9)


def test_when_everybody_says_the_same_there_is_no_distance():
    flags = flag_careless(responses_of(np.full((40, 12), 7)))
    assert (line_of(flags, "mahalanobis")["reason"], line_of(flags, "even_odd")["reason"]) == ("flat", "few dimensions")
    assert line_of(flags, "straight")["share"] == 1


def test_who_answered_under_half_is_not_judged():
    answers = careful(60, 12, seed=17)
    answers[0, :7], answers[0, 7:] = NAN, 3
    answers[1, :6], answers[1, 6:] = NAN, 3
    flags = flag_careless(responses_of(answers), variability=0.5)
    assert [line_of(flags, index)["n"] for index in ("longest", "straight", "variability", "mahalanobis")] == [59] * 4
    thirds = responses_of(answers, instrument_of((4, 4, 4), forms="P"))
    thirds.frame.loc[2, ["P_i2", "P_i3", "P_i6", "P_i7", "P_i9", "P_i10", "P_i11"]] = NAN
    assert np.isnan(flag_careless(thirds).flags["even_odd_perception"][2])
    assert not flags.flags.loc[0, BOOL].any()
    assert flags.flags.loc[1, ["longest", "straight", "variability"]].all()


def test_a_distance_with_blanks_is_over_the_items_answered():
    answers = careful(80, 6, seed=18)
    answers[4, [0, 3]] = NAN
    distance, df = mahalanobis_squared(answers)
    rest = np.delete(answers, 4, axis=0)
    part = [1, 2, 4, 5]
    inverse = np.linalg.inv(np.cov(rest[:, part], rowvar=False))
    assert distance[4] == pytest.approx(mahalanobis(answers[4, part], rest[:, part].mean(axis=0), inverse) ** 2)
    assert df[4] == 4


def test_everything_that_is_missing_has_a_reason_and_everything_else_a_number():
    flags = flag_careless(responses_of(careful(30, 22, seed=19), SERVQUAL), indices=["longest"])
    frame = flags.frame
    assert (frame["reason"].ne("") == frame["flagged"].isna()).all()
    assert set(frame["reason"]) == {"", "left out"}
    assert flags.flags["mahalanobis"].dtype == bool
    assert not flags.flags["mahalanobis"].any()
    assert "mahalanobis_perception" not in flags.flags


# --- two forms, two files, the ceiling ---------------------------------------------------------------------


def paired(n: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(careful(n, 22, seed, forms=2), columns=[*E, *P])


def test_strings_do_not_run_from_one_form_into_the_other():
    data = paired(60, seed=20)
    data.loc[0, E[-8:]], data.loc[0, P[:8]] = 7, 7
    data.loc[0, [E[-9], P[8]]] = 1
    row = flag_careless(Responses(data, SERVQUAL)).flags.loc[0]
    assert (row["longest_expectation"], row["longest_perception"], row["longest"]) == (8, 8, False)


def test_every_form_of_the_instrument_is_looked_at():
    tolerance = load_instrument("tolerance-22")
    names = [name for form in tolerance.forms for name in tolerance.columns(form.name).values()]
    rng = np.random.default_rng(39)
    data = pd.DataFrame(rng.integers(tolerance.scale.low, tolerance.scale.high + 1, (70, len(names))), columns=names)
    data.loc[4, list(tolerance.columns("minimum").values())] = 5
    flags = flag_careless(Responses(data, tolerance))
    forms = [form.name for form in tolerance.forms]
    assert flags.frame["form"].drop_duplicates().tolist() == [*forms, ""]
    assert line_of(flags, "straight", "minimum")["flagged"] == line_of(flags, "straight")["n"] - 69 == 1
    assert "minimum" in flags.sentence()


@pytest.mark.parametrize(("language", "words"), [("en", "top of the scale: that may be praise"), ("zh", "全为最高分")])
def test_a_ceiling_is_not_called_careless_without_a_word(language, words):
    data = paired(80, seed=21)
    data[E] = 7
    flags = flag_careless(Responses(data, SERVQUAL)).in_language(language)
    row = line_of(flags, "straight", "expectation")
    assert (row["flagged"], row["at_top"], row["share"]) == (80, 80, 1)
    assert line_of(flags, "straight", "perception")["flagged"] == 0
    for text in (flags.note(), flags.sentence()):
        assert words in text
    with pytest.raises(DataError, match=r"ceiling of a scale.*Raise the cut-offs, or choose forms= and indices="):
        flags.without()
    assert not flag_careless(flags.responses, forms=["perception"]).flags["longest"].any()
    assert not flag_careless(flags.responses, forms="perception").flags["longest"].any()


def test_a_straight_line_elsewhere_is_not_excused():
    data = paired(60, seed=22)
    data.loc[0, P] = 4
    flags = flag_careless(Responses(data, SERVQUAL))
    assert line_of(flags, "straight", "perception")["at_top"] == 0
    assert "top of the scale:" not in flags.note()
    assert "same as a straight line" in " ".join(flags.note().split()), "the general caution always stands"


def two_files() -> Responses:
    expectation, perception = paired(40, seed=23)[E], paired(70, seed=24)[P]
    expectation.loc[3], perception.loc[[5, 6]] = 4, 2
    return Responses(perception.assign(seconds=300), SERVQUAL).joined_with(Responses(expectation, SERVQUAL))


def test_two_files_are_judged_apart_and_listed_perceptions_first():
    responses = two_files()
    flags = flag_careless(responses, seconds_column="seconds")
    assert flags.flags["forms"].tolist() == ["perception"] * 70 + ["expectation"] * 40
    assert np.flatnonzero(flags.flags["straight"]).tolist() == [5, 6, 73]
    alone = flag_careless(Responses(responses.frame[P], SERVQUAL)).flags
    np.testing.assert_allclose(flags.flags["mahalanobis_perception"][:70], alone["mahalanobis_perception"])
    assert flags.flags["mahalanobis_perception"][70:].isna().all()
    assert line_of(flags, "too_fast", "expectation")["reason"] == "no seconds"
    assert line_of(flags, "any")["n"] == 110


def test_both_files_lose_their_flagged():
    flags = flag_careless(two_files(), indices=["straight"])
    kept = flags.without()
    assert (kept.n, kept.expectation.n, kept.pairing) == (68, 39, "independent")
    assert [side.ledger.count("flagged careless") for side in kept.sides] == [2, 1]
    assert all(side.ledger.adds_up() for side in kept.sides)
    frame = flags.sensitivity(score_gaps).to_frame()
    assert frame[["n_all", "n_without", "n_expectation_all", "n_expectation_without"]].iloc[0].tolist() == [
        70,
        68,
        40,
        39,
    ]


# --- without -----------------------------------------------------------------------------------------------


def dirty() -> Responses:
    data = pd.DataFrame(careful(60, 22, seed=25), columns=P).assign(id=np.arange(60))
    data.iloc[[1, 2, 3], :22] = 6
    data.loc[1, P[:2]] = NAN
    data.loc[2, P[0]] = 99
    data.loc[7, P[5]] = 9
    data.loc[8, P] = NAN
    data = pd.concat([data, data.iloc[[20]]], ignore_index=True)
    return Responses(data, SERVQUAL, respondent="id", dont_know=[99], faults="set aside")


def test_the_ledger_still_adds_up():
    before = dirty()
    after = flag_careless(before).without()
    old, new = before.ledger, after.ledger
    assert new.adds_up()
    assert new.count("read") == 61
    assert new.count("flagged careless") == 3 == before.n - after.n
    assert new.count("kept") == after.n == len(after.frame)
    assert new.count("given") == after.frame[P].notna().to_numpy().sum()
    assert new.count("given, flagged") == 3 * 22 - 3
    for step in ("read", "duplicate", "empty", "asked", "blank", "don't know", "off scale"):
        assert new.count(step) == old.count(step)
    assert "flagged careless" in str(new)
    assert "标记为作答不认真" in str(new.in_language("zh"))
    assert "被标记者的有效回答" in str(new.in_language("zh"))
    assert old.count("flagged careless") == 0


def test_leaving_out_twice_adds_to_the_same_line():
    once = flag_careless(dirty()).without()
    twice = flag_careless(once, longest=5, indices=["longest"]).without()
    assert twice.n < once.n
    assert twice.ledger.adds_up()
    assert twice.ledger.count("flagged careless") == 60 - 1 - twice.n
    assert twice.ledger.frame["step"].is_unique


def test_who_is_left_is_scored_as_if_read_alone():
    data = paired(120, seed=26)
    data.loc[:9, P] = 4
    flags = flag_careless(Responses(data, SERVQUAL))
    careless = flags.flags["careless"]
    alone = score_gaps(Responses(data[~careless].reset_index(drop=True), SERVQUAL)).to_frame()
    pd.testing.assert_frame_equal(score_gaps(flags.without()).to_frame(), alone)


# --- with and without --------------------------------------------------------------------------------------


def test_sensitivity_shows_both_scores_and_their_difference():
    data = paired(150, seed=27).assign(tier=np.resize(["a", "b"], 150))
    data.loc[:11, P] = 1
    responses = Responses(data, SERVQUAL)
    flags = flag_careless(responses)
    table = flags.sensitivity(score_gaps, by="tier").to_frame()
    full, fewer = score_gaps(responses, by="tier"), score_gaps(flags.without(), by="tier")
    np.testing.assert_array_equal(table["score_all"], full.frame["gap"])
    np.testing.assert_array_equal(table["score_without"], fewer.frame["gap"])
    np.testing.assert_array_equal(table["difference"], fewer.frame["gap"] - full.frame["gap"])
    np.testing.assert_array_equal(table["se"], full.frame["se"])
    assert table["n_all"].tolist() == full.frame["n"].tolist()
    assert table["n_without"].tolist() == fewer.frame["n"].tolist()
    assert (table.loc[table["dimension"].isin([d.id for d in SERVQUAL.dimensions]), "difference"] > 0.1).all()


def test_sensitivity_of_perceptions_alone_and_of_ones_own_score():
    flags = flag_careless(dirty())
    table = flags.sensitivity(score_performance).to_frame()
    expected = score_performance(flags.without()).frame["perception"]
    np.testing.assert_array_equal(table["score_without"], expected)
    with pytest.raises(SpecError, match="must give a result whose frame has 'dimension'"):
        flags.sensitivity(lambda responses: score_performance(responses).items)


def test_a_group_of_flagged_only_says_so():
    data = paired(60, seed=28).assign(tier=["odd"] * 3 + ["even"] * 57)
    data.loc[:2, P] = 4
    table = flag_careless(Responses(data, SERVQUAL)).sensitivity(score_gaps, by="tier")
    odd = table.frame[table.frame["tier"] == "odd"]
    assert set(odd["reason"]) == {"gone"}
    assert (odd["n_without"] == 0).all()
    assert odd["difference"].isna().all()
    assert "nobody left without the flagged" in str(table)


def test_without_flags_nothing_changes():
    flags = flag_careless(Responses(paired(90, seed=29), SERVQUAL), mahalanobis=0.0)
    assert flags.sentence().startswith("0 of 90 respondents (0.0%) were flagged; all of them stay in the data.")
    table = flags.sensitivity(score_gaps)
    assert (table.frame["difference"] == 0).all()
    assert "0 of 90 respondents flagged" in table.note()


def test_design_and_labels_survive():
    study = simulate_study(DEFAULT_TRUTH, 3)
    design = SampleDesign(strata="tier", clusters="store", weight="weight")
    flags = flag_careless(Responses(study.intercept, SERVQUAL, design))
    kept = flags.without()
    assert kept.design is design
    assert kept.frame.index.tolist() == list(range(kept.n))
    assert "Tangibles" in str(flags.sensitivity(score_performance, by="tier"))


# --- seconds -----------------------------------------------------------------------------------------------


def timed(seconds, **options) -> CarelessFlags:
    answers = careful(len(seconds), 10, seed=30)
    return flag_careless(responses_of(answers, extra={"t": seconds}), seconds_column="t", **options)


def test_under_two_seconds_an_item_is_too_fast():
    flags = timed([19.9, 20, 100, "", None, "later", 0, -5])
    assert flags.flags["seconds_per_item"].tolist()[:3] == pytest.approx([1.99, 2, 10])
    assert flags.flags["too_fast"].tolist() == [True] + [False] * 7
    row = line_of(flags, "too_fast")
    assert (row["n"], row["flagged"], row["origin"], row["rule"]) == (3, 1, "reading", "too_fast < 2")
    assert "2 s to read an item (Huang et al. 2012)" in str(flags)


def test_a_third_of_the_median_is_relative_to_the_file():
    flags = timed([30, 90, 100, 110, 33.4], too_fast="median/3")
    row = line_of(flags, "too_fast")
    assert (row["threshold"], row["origin"]) == (pytest.approx(3), "median")
    assert flags.flags["too_fast"].tolist() == [False] * 5, "exactly a third is not under it"
    assert timed([29, 90, 100, 110, 33.4], too_fast="median/3").flags["too_fast"].tolist() == [True] + [False] * 4
    assert timed([30, 60], too_fast=4.0).frame.set_index("index")["origin"]["too_fast"] == "set"


def test_seconds_are_shared_out_over_all_forms_of_the_file():
    data = paired(30, seed=31).assign(t=87.0)
    flags = flag_careless(Responses(data, SERVQUAL), seconds_column="t", forms=["perception"])
    assert flags.flags["seconds_per_item"][0] == pytest.approx(87 / 44)
    assert flags.flags["too_fast"].all()


def test_seconds_that_are_missing_are_said_to_be():
    assert line_of(timed(["a", "b"]), "too_fast")["reason"] == "nobody"
    assert line_of(flag_careless(responses_of(careful(5, 10, seed=1))), "too_fast")["reason"] == "no seconds"
    with pytest.raises(DataError, match="has no column 'tt'"):
        flag_careless(responses_of(careful(5, 10, seed=1), extra={"t": 3}), seconds_column="tt")


# --- arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"longest": 1}, "longest=1 must be a number of at least 2"),
        ({"longest": True}, "longest=True must be a number"),
        ({"straight": 90}, "straight=90 must be a number from 0 to 1"),
        ({"variability": -1}, "variability=-1 must be a number of at least 0"),
        ({"even_odd": 30}, "even_odd=30 must be a number from -1 to 1"),
        ({"mahalanobis": 13.8}, "mahalanobis=13.8 must be a number from 0 to 1"),
        ({"mahalanobis": None}, "To do without an index, leave it out of indices="),
        ({"too_fast": "fast"}, "Choose one of 'median/3'"),
        ({"too_fast": NAN}, "too_fast=nan must be a number"),
        ({"forms": ["perceptions"]}, "Did you mean 'perception'?"),
        ({"indices": "longst"}, "Did you mean 'longest'?"),
    ],
)
def test_wrong_arguments_are_refused_in_words(options, words):
    with pytest.raises(SpecError) as error:
        flag_careless(responses_of(careful(20, 10, seed=32)), **options)
    assert words in str(error.value)


def test_indices_left_out_flag_nobody_but_keep_their_row():
    data = pd.DataFrame(np.full((5, 22), 3), columns=P)
    flags = flag_careless(Responses(data, SERVQUAL), indices="too_fast")
    assert not flags.flags["careless"].any()
    assert line_of(flags, "straight")["reason"] == "left out"
    assert "left out by the analyst" in str(flags)


# --- how it shows itself -----------------------------------------------------------------------------------


def test_every_threshold_is_printed_with_its_origin():
    data = pd.DataFrame(careful(60, 22, seed=33), columns=P).assign(t=300)
    shown = str(flag_careless(Responses(data, SERVQUAL), seconds_column="t"))
    for words in ("11 or more in a row", "half of the items (Curran 2016)", "every answer the same", "p under 0.001",
                  "no variability at all (Dunn et al. 2018)", "custom for outliers (Tabachnick and Fidell 2014)",
                  "under 2 s", "shown, not flagged: there is no general cut-off"):  # fmt: skip
        assert words in shown
    shown = str(flag_careless(Responses(data, SERVQUAL), longest=8, straight=0.9, even_odd=-0.2, variability=0.4))
    for words in ("8 or more in a row", "90% or more the same", "under −0.2", "SD under 0.4", "set by the analyst"):
        assert words in shown


def test_rules_are_data_too():
    frame = flag_careless(responses_of(careful(60, 22, seed=34), SERVQUAL), even_odd=0.3).to_frame()
    rules = ["longest >= 11", "straight >= 1", "", "even_odd < 0.3", "mahalanobis p < 0.001", "", ""]
    assert frame["rule"].tolist() == rules


def test_flags_speak_both_languages():
    data = paired(60, seed=35)
    data.loc[0, P] = 7
    flags = flag_careless(Responses(data, SERVQUAL))
    assert flags.sentence() == (
        "1 of 60 respondents (1.7%) were flagged (longest string of one answer, perception 1; straight-lining (share of one "
        "answer), perception 1); all of them stay in the data. Of the 2 flags for one repeated answer, 2 repeat the top of "
        "the scale: that may be praise or high hopes."
    )
    chinese = flags.in_language("zh")
    assert chinese.frame is flags.frame
    assert chinese.sentence().startswith("60 位受访者中有 1 位（1.7%）被标记（感知最长连续相同回答 1；")
    for result in (chinese, chinese.sensitivity(score_gaps)):
        text = result.title() + result.note() + "".join(result.shown().columns)
        assert "flag" not in text
        assert "剔除" in text
    assert "变化最大的是" in chinese.sensitivity(score_gaps).sentence()
    assert chinese.without().language == "zh"


def test_sentence_of_sensitivity_names_the_largest_change():
    data = paired(80, seed=36)
    data.loc[:7, P] = 1
    table = flag_careless(Responses(data, SERVQUAL)).sensitivity(score_gaps)
    dimensions = table.frame[table.frame["dimension"].isin([d.id for d in SERVQUAL.dimensions])]
    worst = dimensions.loc[dimensions["difference"].abs().idxmax()]
    label = next(d.label["en"] for d in SERVQUAL.dimensions if d.id == worst["dimension"])
    number = f"{worst['score_all']:.2f}".replace("-", "−")
    assert table.sentence().startswith(f"Without the 8 flagged the largest change is in {label}: {number} becomes ")


def test_flags_export_like_any_result():
    flags = flag_careless(responses_of(careful(30, 22, seed=37), SERVQUAL))
    assert flags.to_html().startswith('<table class="result">')
    assert flags.to_csv().splitlines()[0] == "index,form,rule,threshold,origin,n,flagged,share,at_top,reason"
    assert "| --- |" in flags.to_markdown()
    assert list(flags.flags.columns[:9]) == ["respondent", "forms", *BOOL]
    assert replace(flags, language="zh").title() == "作答认真程度"


def test_two_hundred_thousand_respondents_take_no_loop():
    responses = responses_of(careful(200_000, 22, seed=38), SERVQUAL)
    start = time.perf_counter()
    flags = flag_careless(responses)
    assert time.perf_counter() - start < 20
    assert len(flags.flags) == 200_000
