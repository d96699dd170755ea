"""Gap scores: what must hold for any answers, and what other implementations say about the same answers.

Authorities: requirements section 3 (rules 1 and 36); identities; ``scipy.stats`` for everything without a sample design
(paired and one-sample t, Welch); plain pandas for scores of persons; linearisation written out here, cluster by
cluster, for everything with one (Binder 1983; Lumley 2010), a delete-a-cluster jackknife (Wolter 2007) beside it, and a
small simulation of its coverage. R's numbers on real answers stand in test_gaps_oracle.py and test_inference.py.

Tolerances: 1e-9 relative between two ways to the same number, exact equality where nothing but copying is done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import (
    Mean,
    Responses,
    SampleDesign,
    Student,
    Taylor,
    compare,
    estimate,
    load_instrument,
    score_gaps,
    score_performance,
)
from servqual.inference import adjust_p
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from survey_design.errors import DataError, SpecError

FEW = settings(max_examples=4, deadline=None, derandomize=True)  # 60 each, at random, were tried once
FEWER = settings(FEW, max_examples=2)  # of each kind of study
SEEDS = st.integers(0, 2**32 - 1)
GAPS = st.sampled_from([0.0, 0.05])  # share of missing answers: half of the people answer all twelve
SIZES = {"a": 2, "b": 3, "c": 1}
KINDS = {"items": "item", "dimensions": "dimension", "total": "total"}
DESIGN = SampleDesign(strata="stratum", clusters="store", weight="weight")
REL = 1e-9


# --- studies and what they should give ---------------------------------------------------------------------


def instrument(sizes: Mapping[str, int] = SIZES, *, reverse: Sequence[str] = (), order: Sequence[str] | None = None,
               name: str = "study") -> Instrument:  # fmt: skip
    """Items a0, a1, b0, ... in dimensions a, b, c, answered from 1 to 7 as E_ and P_."""
    text = {"en": "text"}
    items = {f"{d}{k}": Item(f"{d}{k}", d, {"en": f"{d}{k}"}, text, f"{d}{k}" in reverse)
             for d, size in sizes.items() for k in range(size)}  # fmt: skip
    forms = (Form("expectation", "E_{id}"), Form("perception", "P_{id}"))
    dimensions = tuple(Dimension(d, {"en": d}) for d in sizes)
    return Instrument(name, "1", text, "", Scale(1, 7), forms, dimensions, tuple(items[k] for k in order or items))


ASKED = instrument()
ITEMS = [item.id for item in ASKED.items]
COLUMNS = {form: [f"{form}_{item}" for item in ITEMS] for form in "PE"}


def study(seed: int, n: int = 48, *, missing: float = 0.0, stores: int = 8) -> pd.DataFrame:
    """Both forms of n people met in stores within strata, with weights, a group and a region."""
    rng = np.random.default_rng(seed)
    store = np.r_[np.arange(stores), rng.integers(stores, size=n - stores)]
    level = rng.integers(-1, 2, stores)[store] + rng.integers(-1, 2, n)
    answers = {
        f"{form}_{item}": np.clip(centre + level * share + rng.integers(-2, 3, n), 1, 7)
        for form, centre, share in (("P", 4, 1), ("E", 5, 0))
        for item in ITEMS
    }
    frame = pd.DataFrame(answers)
    if missing:
        frame = frame.astype(float).mask(rng.random(frame.shape) < missing)
        frame.loc[:, "P_c0"] = frame["P_c0"].fillna(4)
    facts = {"store": store, "stratum": store % 2, "weight": rng.uniform(0.5, 3, n).round(2)}
    named = {
        "group": np.r_[list("uv"), rng.choice(list("uv"), n - 2)],
        "region": np.r_[list("rs"), rng.choice(list("rs"), n - 2)],
    }
    return frame.assign(**facts, **named)


def person(frame: pd.DataFrame, form: str) -> pd.DataFrame:
    """Every score of every person, missing where an answer it needs is missing: plain pandas."""
    items = frame[COLUMNS[form]].astype(float).set_axis(ITEMS, axis=1)
    out = {f"item:{name}": items[name] for name in ITEMS}
    for d in SIZES:
        out[f"dimension:{d}"] = items[[name for name in ITEMS if name[0] == d]].mean(axis=1, skipna=False)
    out["total:mean"] = pd.DataFrame({d: out[f"dimension:{d}"] for d in SIZES}).mean(axis=1, skipna=False)
    out["total:sum"] = items.sum(axis=1, skipna=False)
    return pd.DataFrame(out)


MEASURES = list(person(study(0), "P"))


def lines(gaps: Any, **group: Any) -> pd.DataFrame:
    """All three tables below each other, by measure; of one group where groups are given."""
    parts = []
    for table, what in KINDS.items():
        frame = gaps.to_frame(table)
        for name, value in group.items():
            frame = frame[frame[name] == value]
        parts.append(frame.set_index(what.__add__(":") + frame[what]))
    return pd.concat(parts)


def side(frame: pd.DataFrame, form: str, design: SampleDesign | None = None, asked: Instrument = ASKED) -> Responses:
    """The answers to one form alone."""
    others = [name for name in frame.columns if name not in COLUMNS["P"] + COLUMNS["E"]]
    return Responses(frame[[*COLUMNS[form], *others]], asked, design)


def apart(
    p: pd.DataFrame, e: pd.DataFrame, p_design: SampleDesign | None = None, e_design: SampleDesign | None = None
) -> Responses:
    """Perceptions and expectations of different people."""
    return side(p, "P", p_design).joined_with(side(e, "E", e_design))


def taylor(u: pd.Series, stratum: pd.Series, unit: pd.Series) -> float:
    """Variance of a sum of influences: n/(n - 1) sum of squares of unit totals about their mean, within strata."""
    variance = 0.0
    for _, totals in u.groupby([stratum, unit]).sum().groupby(level=0):
        n = len(totals)
        variance += n / (n - 1) * float(((totals - totals.mean()) ** 2).sum())
    return variance


def units_minus_strata(used: pd.Series, stratum: pd.Series, unit: pd.Series) -> int:
    here = pd.DataFrame({"stratum": stratum, "unit": unit})[used].drop_duplicates()
    return len(here) - here["stratum"].nunique()


def satterthwaite(*parts: tuple[float, float]) -> float:
    return sum(v for v, _ in parts) ** 2 / sum(v**2 / df for v, df in parts)


def check(line: pd.Series, expected: Mapping[str, float]) -> None:
    assert {name: line[name] for name in expected} == pytest.approx(dict(expected), rel=REL, abs=1e-12)


def interval(value: float, variance: float, df: float) -> dict[str, float]:
    """A t interval and its p, by scipy."""
    se = np.sqrt(variance)
    half = stats.t.ppf(0.975, df) * se
    return {"se": se, "df": df, "low": value - half, "high": value + half, "p": 2 * stats.t.sf(abs(value / se), df)}


STUDIES = {
    "paired": lambda frame: Responses(frame, ASKED),
    "paired, design": lambda frame: Responses(frame, ASKED, DESIGN),
    "two files": lambda frame: apart(frame[:30], frame[30:]),
    "two files, designs": lambda frame: apart(frame[:30], frame[30:], DESIGN, SampleDesign(weight="weight")),
    "two files, same stores": lambda frame: apart(frame[:30], frame[30:], DESIGN, DESIGN),
}
ANY_STUDY = pytest.mark.parametrize("kind", STUDIES)


# --- identities --------------------------------------------------------------------------------------------


@ANY_STUDY
@FEWER
@given(seed=SEEDS, missing=GAPS, by=st.sampled_from([(), ("group",), ("group", "region")]))
def test_gap_is_perception_minus_expectation_in_every_row(kind, seed, missing, by):
    """Exactly, not to a tolerance; and the interval is centred on it."""
    gaps = score_gaps(STUDIES[kind](study(seed, missing=missing)), by=by)
    for table in KINDS:
        frame = gaps.to_frame(table)
        pd.testing.assert_series_equal(
            frame["gap"], frame["perception"] - frame["expectation"], check_names=False, check_exact=True
        )
        assert ((frame["low"] + frame["high"]) / 2).to_numpy() == pytest.approx(
            frame["gap"].where(frame["low"].notna()).to_numpy(), rel=REL, abs=1e-9, nan_ok=True
        )
        assert (frame["p"].dropna().between(0, 1)).all()
        assert (frame["p_adjusted"].dropna() >= frame["p"].dropna()).all()


@FEW
@given(seed=SEEDS, missing=GAPS, design=st.sampled_from([None, DESIGN]))
def test_paired_scores_are_means_of_persons_who_answered_all_on_both_forms(seed, missing, design):
    """Scores per person in plain pandas; their weighted mean, and its error by ``estimate``, another way through."""
    frame = study(seed, missing=missing)
    p, e = person(frame, "P"), person(frame, "E")
    both = p.notna() & e.notna()
    weight = frame["weight"] if design else pd.Series(1.0, index=frame.index)
    table = lines(score_gaps(Responses(frame, ASKED, design)))
    assert list(table.index) == MEASURES
    for name in MEASURES:
        here = both[name]
        line = table.loc[name]
        assert line["n"] == here.sum()
        assert line["perception"] == pytest.approx(np.average(p.loc[here, name], weights=weight[here]), rel=REL)
        assert line["expectation"] == pytest.approx(np.average(e.loc[here, name], weights=weight[here]), rel=REL)
        other = estimate(frame.assign(gap=(p - e)[name]), Mean("gap"), design).to_frame().iloc[0]
        check(line, {k: other[k] for k in ("se", "df", "low", "high", "deff")})


@FEW
@given(seed=SEEDS)
def test_the_sum_form_is_k_times_the_mean_of_items(seed):
    """Six items: every number of the sum row is six times that of the mean of items, and tests say the same."""
    table = lines(score_gaps(Responses(study(seed, missing=0.05), ASKED, DESIGN), total="items"))
    mean, total = table.loc["total:mean"], table.loc["total:sum"]
    for name in ("expectation", "perception", "gap", "se", "low", "high"):
        assert total[name] == pytest.approx(6 * mean[name], rel=REL)
    check(total, {name: mean[name] for name in ("n", "df", "p", "deff")})


@FEW
@given(seed=SEEDS)
def test_totals_of_complete_answers_are_means_and_sums_of_the_parts(seed):
    """ "dimensions" lets every dimension count the same, "items" every item; the sum runs over all items."""
    responses = Responses(study(seed), ASKED, DESIGN)
    by_dimension, by_item = (lines(score_gaps(responses, total=how)) for how in ("dimensions", "items"))
    for name in ("expectation", "perception", "gap"):
        column = by_dimension[name]
        assert column["total:mean"] == pytest.approx(
            column[[f"dimension:{d}" for d in SIZES]].mean(), rel=REL, abs=1e-12
        )
        assert by_item[name]["total:mean"] == pytest.approx(
            column[[f"item:{k}" for k in ITEMS]].mean(), rel=REL, abs=1e-12
        )
        assert column["total:sum"] == pytest.approx(column[[f"item:{k}" for k in ITEMS]].sum(), rel=REL, abs=1e-12)


@FEW
@given(seed=SEEDS)
def test_one_item_per_dimension_makes_both_totals_one(seed):
    asked = instrument({"a": 2, "b": 2, "c": 2})
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"{form}_{i.id}": rng.integers(1, 8, 20) for form in "PE" for i in asked.items})
    a, b = (score_gaps(Responses(frame, asked), total=how).to_frame("total") for how in ("dimensions", "items"))
    pd.testing.assert_frame_equal(a, b, rtol=REL)


@FEW
@given(seed=SEEDS, points=st.tuples(*[st.integers(0, 100)] * 3).filter(any))
def test_the_weighted_total_is_the_weighted_mean_of_dimensions(seed, points):
    importance = dict(zip(SIZES, points, strict=True))
    table = lines(score_gaps(Responses(study(seed), ASKED), importance=importance))
    dimensions = table["gap"][[f"dimension:{d}" for d in SIZES]]
    assert table.loc["total:weighted", "gap"] == pytest.approx(
        np.average(dimensions, weights=points), rel=REL, abs=1e-12
    )
    equal = lines(score_gaps(Responses(study(seed), ASKED), importance=dict.fromkeys(SIZES, 7)))
    numbers = ["expectation", "perception", "gap", "se", "low", "high", "df", "p"]
    assert equal.loc["total:weighted", numbers].tolist() == pytest.approx(
        equal.loc["total:mean", numbers].tolist(), rel=REL
    )


def test_importance_from_a_column_is_its_weighted_mean():
    """Mean points of those who gave all three, by the design's weights; four decimals hold them here."""
    frame = study(1).assign(
        weight=np.tile([1.0, 3.0], 24), ia=np.tile([50, 20], 24), ib=30, ic=np.tile([20.0, np.nan, 20, 50], 12)
    )
    columns = {"a": "ia", "b": "ib", "c": "ic"}
    gaps = score_gaps(Responses(frame, ASKED, DESIGN), importance=columns, points="mean")
    kept = frame["ic"].notna()
    points = [np.average(frame.loc[kept, name], weights=frame.loc[kept, "weight"]) for name in ("ia", "ib", "ic")]
    table = lines(gaps)
    expected = np.average(table["gap"][[f"dimension:{d}" for d in SIZES]], weights=points)
    assert table.loc["total:weighted", "gap"] == pytest.approx(expected, rel=REL)
    assert "36 respondents" in gaps.dimensions.note()


@pytest.mark.parametrize("points", [(1 / 3, 2 / 3, 1), (12.34567, 20, 30), (1e-6, 2e-6, 3e-6)], ids=str)
def test_importance_points_count_at_full_precision(points):
    """Style, sentence 2: results at full precision. Only the proportions of points matter."""
    table = lines(score_gaps(Responses(study(2), ASKED), importance=dict(zip(SIZES, points, strict=True))))
    expected = np.average(table["gap"][[f"dimension:{d}" for d in SIZES]], weights=points)
    assert table.loc["total:weighted", "gap"] == pytest.approx(expected, rel=REL)


@ANY_STUDY
@FEWER
@given(seed=SEEDS, missing=GAPS)
def test_exchanging_the_forms_turns_every_sign(kind, seed, missing):
    frame = study(seed, missing=missing)
    names = {**dict(zip(COLUMNS["P"], COLUMNS["E"], strict=True)), **dict(zip(COLUMNS["E"], COLUMNS["P"], strict=True))}
    if kind.startswith("two files"):
        before = STUDIES[kind](frame)
        turned = Responses(before.expectation.frame.rename(columns=names), ASKED, before.expectation.design)
        after = turned.joined_with(Responses(before.frame.rename(columns=names), ASKED, before.design))
    else:
        before, after = STUDIES[kind](frame), STUDIES[kind](frame.rename(columns=names))
    a, b = lines(score_gaps(before)), lines(score_gaps(after))
    flipped = {"gap": "gap", "low": "high", "high": "low"}
    same = {"perception": "expectation", "se": "se", "df": "df", "p": "p", "deff": "deff"}
    for one, other in (flipped | same).items():
        sign = -1 if one in flipped else 1
        assert a[one].to_numpy() == pytest.approx(sign * b[other].to_numpy(), rel=REL, abs=1e-12, nan_ok=True), one


@FEW
@given(seed=SEEDS, missing=GAPS)
def test_reversing_a_reverse_item_twice_is_nothing(seed, missing):
    """Once by hand in the data and once by the instrument: nothing has happened. Twice by the instrument: nothing."""
    frame = study(seed, missing=missing)
    reverse = instrument(reverse=["a1", "b0"])
    turned = frame.assign(**{f"{form}_{name}": 8 - frame[f"{form}_{name}"] for form in "PE" for name in ("a1", "b0")})
    plain, back = score_gaps(Responses(frame, ASKED, DESIGN)), score_gaps(Responses(turned, reverse, DESIGN))
    for table in KINDS:
        pd.testing.assert_frame_equal(back.to_frame(table), plain.to_frame(table), check_exact=True)
    once = Responses(frame, reverse)
    again = Responses(once.frame, reverse)
    pd.testing.assert_frame_equal(again.frame, Responses(frame, ASKED).frame)
    assert not once.frame.equals(again.frame)


@FEW
@given(seed=SEEDS, order=st.permutations(ITEMS))
def test_the_order_of_items_does_not_matter(seed, order):
    frame = study(seed, missing=0.05)
    shuffled = frame[[f"{form}_{name}" for form in "EP" for name in order] + list(frame.columns[12:])]
    before, after = (
        score_gaps(Responses(frame, ASKED, DESIGN)),
        score_gaps(Responses(shuffled, instrument(order=order), DESIGN)),
    )
    assert after.to_frame("items")["item"].tolist() == list(order)
    a, b = (table.to_frame("items").set_index("item").loc[ITEMS] for table in (before, after))
    pd.testing.assert_frame_equal(a, b, rtol=REL, atol=1e-12)
    for table in ("dimensions", "total"):
        pd.testing.assert_frame_equal(before.to_frame(table), after.to_frame(table), rtol=REL, atol=1e-12)
    reliability = [
        g.diagnostics.to_frame().drop(columns="warning").set_index("dimension").astype(float) for g in (before, after)
    ]
    pd.testing.assert_frame_equal(*reliability, rtol=1e-7, atol=1e-9)


@FEW
@given(seed=SEEDS, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(seed, shuffle):
    frame = study(seed, missing=0.05)
    order = list(range(len(frame)))
    shuffle.shuffle(order)
    before, after = (score_gaps(Responses(f, ASKED, DESIGN), by="group") for f in (frame, frame.iloc[order]))
    for table, what in KINDS.items():
        a, b = (g.to_frame(table).set_index(["group", what]) for g in (before, after))
        pd.testing.assert_frame_equal(a, b.loc[a.index], rtol=REL, atol=1e-12)


@ANY_STUDY
@FEWER
@given(seed=SEEDS, factor=st.floats(0.01, 100))
def test_weights_times_a_constant_change_nothing(kind, seed, factor):
    frame = study(seed, missing=0.05)
    before, after = (
        score_gaps(STUDIES[kind](f), by="group") for f in (frame, frame.assign(weight=frame["weight"] * factor))
    )
    for table in KINDS:
        pd.testing.assert_frame_equal(before.to_frame(table), after.to_frame(table), rtol=REL, atol=1e-9)
    assert before.note() == after.note()


def test_the_loss_by_weights_is_that_of_each_file():
    """Kish (1965): within either file everybody counts the same, so weights cost nothing; each file is its own."""
    frame = study(3)
    design = SampleDesign(weight="weight")
    note = score_gaps(apart(frame[:30].assign(weight=1.0), frame[30:].assign(weight=50.0), design, design)).note()
    found = re.search(r"Kish deff ([\d.]+)", note)
    assert found is None or float(found[1]) == 1


@ANY_STUDY
@FEWER
@given(seed=SEEDS)
def test_doubling_every_respondent_keeps_every_mean(kind, seed):
    frame = study(seed, missing=0.05)
    both = {"paired": [frame], "two files": [frame[:30], frame[30:]]}[kind.split(",")[0]]
    doubled = pd.concat([part for part in both for _ in range(2)])
    if kind.startswith("two files"):
        p = STUDIES[kind](frame)
        twice = apart(doubled[:60], doubled[60:], p.design, p.expectation.design)
    else:
        twice = STUDIES[kind](doubled)
    a, b = (lines(score_gaps(r, by="group")) for r in (STUDIES[kind](frame), twice))
    for name in ("expectation", "perception", "gap"):
        assert b[name].to_numpy() == pytest.approx(a[name].to_numpy(), rel=1e-12, abs=1e-13)
    assert (b["n"] == 2 * a["n"]).all()


@FEW
@given(seed=SEEDS, by=st.sampled_from(["group", "region", "store"]))
def test_groups_recombine_to_the_whole_by_their_weight(seed, by):
    """Complete answers: the overall mean is the mean of the groups' means by their sums of weights."""
    frame = study(seed)
    responses = Responses(frame, ASKED, DESIGN)
    whole, split = lines(score_gaps(responses)), score_gaps(responses, by=by)
    share = frame.groupby(by)["weight"].sum()
    for name in ("expectation", "perception", "gap"):
        parts = pd.DataFrame({g: lines(split, **{by: g})[name] for g in share.index})
        assert (parts @ share / share.sum()).to_numpy() == pytest.approx(whole[name].to_numpy(), rel=REL, abs=1e-12)


@FEW
@given(seed=SEEDS)
def test_a_group_is_scored_as_if_it_were_a_domain_of_the_whole(seed):
    """Means of a group are those of its rows alone; its error knows the whole design (estimate, by domain)."""
    frame = study(seed, missing=0.05)
    split = score_gaps(Responses(frame, ASKED, DESIGN), by=["group", "region"])
    difference = person(frame, "P") - person(frame, "E")
    for (group, region), rows in frame.groupby(["group", "region"]):
        alone = lines(score_gaps(Responses(rows, ASKED, SampleDesign(weight="weight"))))
        here = lines(split, group=group, region=region)
        assert here["gap"].to_numpy() == pytest.approx(alone["gap"].to_numpy(), rel=REL, abs=1e-12, nan_ok=True)
        name = "dimension:b"
        table = estimate(frame.assign(gap=difference[name]), Mean("gap"), DESIGN, by=["group", "region"]).to_frame()
        domain = table[(table["group"] == group) & (table["region"] == region)].iloc[0]
        found, expected = (line[["se", "df", "low", "high", "n"]].tolist() for line in (here.loc[name], domain))
        assert found == pytest.approx(expected, rel=REL, nan_ok=True)


# --- numbers stated elsewhere ------------------------------------------------------------------------------


def twenty_two(gap: Any, expectation: Any = 6, n: int = 5) -> pd.DataFrame:
    """Answers to the 22 items with these gaps (a number, or one per respondent)."""
    asked = load_instrument("servqual-22")
    e = np.broadcast_to(expectation, (22, n)).T
    p = e + np.broadcast_to(gap, (22, n)).T
    columns = [*asked.columns("expectation").values(), *asked.columns("perception").values()]
    return pd.DataFrame(np.hstack([e, p]), columns=columns)


@pytest.mark.parametrize("total", ["dimensions", "items"])
def test_requirement_1_sums_over_22_items(total):
    """Requirements, section 3 rule 1: 22 gaps of -1 give -22 (of -1 on average here, so that something varies)."""
    gaps = score_gaps(Responses(twenty_two([-2, -2, -1, 0, 0]), load_instrument("servqual-22")), total=total)
    assert gaps.to_frame("total").set_index("total")["gap"].to_dict() == pytest.approx(
        {"mean": -1, "sum": -22}, abs=1e-12
    )
    none = score_gaps(Responses(twenty_two([-1, 1, 0, 2, -2], 5), load_instrument("servqual-22")), total=total)
    assert none.to_frame("total")["gap"].tolist() == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize(("gap", "expected"), [(-1, [-1, -22]), (0, [0, 0])])
def test_requirement_1_of_respondents_who_agree(gap, expected):
    """The same from people who all answer alike: the gaps themselves are right whatever their error."""
    gaps = score_gaps(Responses(twenty_two(gap), load_instrument("servqual-22")))
    assert gaps.to_frame("total")["gap"].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def constant_gaps() -> dict[str, Any]:
    """Scores of ten people who all have the same gap: alike in everything, or in the gap alone."""
    asked, spread = load_instrument("servqual-22"), [5, 6, 6, 4, 6, 3, 5, 2, 4, 6]
    found = {}
    for gap in (-1, 0):
        for expectation in (6, spread):
            for clusters in (None, "store"):
                frame = twenty_two(gap, expectation, 10).assign(store=list("aabbccddee"))
                name = f"gap {gap}, {'varied' if expectation is spread else 'equal'} expectations, clusters {clusters}"
                found[name] = score_gaps(Responses(frame, asked, SampleDesign(clusters=clusters)))
    return found


def test_gaps_that_do_not_vary_are_not_tested(constant_gaps):
    """Like R's t.test ("data are essentially constant"): an error of exactly 0, no p, and the reason."""
    for name, gaps in constant_gaps.items():
        for table in KINDS:
            line = gaps.to_frame(table)
            assert line["se"].tolist() == [0] * len(line), name
            assert line[["p", "p_adjusted"]].isna().all(axis=None), name
            assert (line["reason"] == "no variation").all(), name


def test_gaps_that_do_not_vary_have_no_design_effect(constant_gaps):
    """0/0 is no ratio of variances, also where rounding makes it 0/1e-17."""
    for name, gaps in constant_gaps.items():
        assert gaps.to_frame("items")["deff"].isna().all(), name


def test_effects_of_gaps_that_do_not_vary(constant_gaps):
    """Nothing is divided by 0, no difference that is equal for all has a reliability, and no joint test is made."""
    for name, gaps in constant_gaps.items():
        effects, diagnostics = gaps.effects.to_frame(), gaps.diagnostics.to_frame()
        assert effects["sd_gap"].tolist() == [0] * len(effects), name
        assert effects["dz"].isna().all(), name
        assert not np.isinf(effects[["r", "dav"]]).any(axis=None), name
        assert diagnostics["reliability"].isna().all(), name
        assert gaps.joint[0].reason, name


def test_requirement_36_five_interviews_in_a_store():
    """Requirements, section 3 rule 36: the half-width of a t interval on 5 answers is 1.2417 SD."""
    frame = study(4, stores=9).assign(store=np.repeat(np.arange(12), 4)[:48])
    five = pd.concat([frame[frame["store"] == 0], frame[frame["store"] == 1].head(1)]).assign(store=0)
    gap = (person(five, "P") - person(five, "E"))["dimension:b"]
    assert len(gap) == 5
    for responses in (Responses(five, ASKED), Responses(five, ASKED, SampleDesign(clusters="store"))):
        line = score_gaps(responses).to_frame().set_index("dimension").loc["b"]
        half = (line["high"] - line["low"]) / 2 / gap.std()
        assert half == pytest.approx(stats.t.ppf(0.975, 4) / np.sqrt(5), rel=REL)
        assert round(half, 4) == 1.2417


# --- without a sample design: scipy ------------------------------------------------------------------------


@FEW
@given(seed=SEEDS, missing=GAPS, level=st.sampled_from([0.8, 0.95, 0.99]))
def test_paired_answers_are_a_paired_t_test(seed, missing, level):
    """scipy.stats.ttest_rel with its interval, on the scores of persons."""
    frame = study(seed, missing=missing)
    p, e = person(frame, "P"), person(frame, "E")
    table = lines(score_gaps(Responses(frame, ASKED), level=level))
    for name in MEASURES:
        test = stats.ttest_rel(p[name], e[name], nan_policy="omit")
        bounds = test.confidence_interval(level)
        check(table.loc[name], {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high, "deff": 1})
        assert table.loc[name, "gap"] / table.loc[name, "se"] == pytest.approx(test.statistic, rel=REL)


@pytest.mark.parametrize("by", [None, "group"])
def test_different_people_are_a_welch_test(by):
    """scipy.stats.ttest_ind(equal_var=False), with missing answers dropped per score and form."""
    for seed in range(5):
        frame = study(seed, missing=0.05)
        p, e = frame[:18], frame[18:]
        gaps = score_gaps(apart(p, e), by=by)
        for label in [None] if by is None else ["u", "v"]:
            groups = [part if label is None else part[part[by] == label] for part in (p, e)]
            table = lines(gaps, **({} if label is None else {by: label}))
            for name in MEASURES:
                scores = [person(part, form)[name].dropna() for part, form in zip(groups, "PE", strict=True)]
                if min(map(len, scores)) < 2:
                    continue
                test = stats.ttest_ind(*scores, equal_var=False)
                bounds = test.confidence_interval(0.95)
                check(
                    table.loc[name],
                    {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high, "deff": 1},
                )
                assert table.loc[name, ["n", "n_expectation"]].tolist() == [len(score) for score in scores]


@FEW
@given(seed=SEEDS, missing=GAPS)
def test_an_expectation_file_without_the_group_is_a_welch_test_per_group(seed, missing):
    """The whole expectation file against each group's perceptions (scipy)."""
    frame = study(seed, missing=missing)
    p, e = frame[:30], frame[30:].drop(columns="group")
    gaps = score_gaps(apart(p, e), by="group")
    for label, rows in p.groupby("group"):
        table = lines(gaps, group=label)
        for name in MEASURES:
            scores = [person(rows, "P")[name].dropna(), person(e, "E")[name].dropna()]
            if min(map(len, scores)) < 2 or any(score.std() == 0 for score in scores):
                continue
            test = stats.ttest_ind(*scores, equal_var=False)
            bounds = test.confidence_interval(0.95)
            check(table.loc[name], {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high})


@FEW
@given(seed=SEEDS, missing=GAPS, design=st.sampled_from([None, DESIGN]))
def test_fixed_levels_are_a_one_sample_t_test(seed, missing, design):
    """scipy.stats.ttest_1samp against the level; with a design ``estimate``, shifted. Levels carry no error."""
    frame = study(seed, missing=missing)
    levels = {name: 4 + k / 4 for k, name in enumerate(ITEMS)}
    p = person(frame, "P")
    expected = person(pd.DataFrame({f"E_{name}": [level] for name, level in levels.items()}), "E").iloc[0]
    for responses in (Responses(frame, ASKED, design), side(frame, "P", design)):
        table = lines(score_gaps(responses, expected=levels))
        for name in MEASURES:
            line = table.loc[name]
            assert line["expectation"] == pytest.approx(expected[name], rel=1e-14)
            if design:
                other = estimate(frame.assign(x=p[name]), Mean("x"), design).to_frame().iloc[0]
                check(line, {"se": other["se"], "df": other["df"], "low": other["low"] - expected[name]})
                continue
            test = stats.ttest_1samp(p[name], expected[name], nan_policy="omit")
            bounds = test.confidence_interval(0.95)
            low, high = (bound - expected[name] for bound in bounds)
            check(line, {"df": test.df, "p": test.pvalue, "low": low, "high": high})
    one = score_gaps(side(frame, "P", design), expected=5)
    assert set(lines(one)["expectation"]) == {5, 30}


@FEW
@given(seed=SEEDS, design=st.sampled_from([None, DESIGN]))
def test_performance_is_the_mean_of_persons(seed, design):
    """SERVPERF: the perceptions' mean and its interval (``estimate``), whatever was expected."""
    frame = study(seed, missing=0.05)
    p = person(frame, "P")
    scores = score_performance(Responses(frame, ASKED, design))
    tables = {"dimension": scores, "item": scores.items, "total": scores.total}
    for what, result in tables.items():
        for _, line in result.to_frame().iterrows():
            other = estimate(frame.assign(x=p[f"{what}:{line[what]}"]), Mean("x"), design).to_frame().iloc[0]
            check(
                line.rename({"perception": "estimate"}),
                {k: other[k] for k in ("estimate", "se", "low", "high", "n", "df", "deff")},
            )
        assert not {"p", "gap", "expectation"} & set(result.to_frame().columns)


# --- with a sample design: linearisation by hand -----------------------------------------------------------

P_DESIGN = SampleDesign(strata="stratum", clusters="store", weight="weight")
E_DESIGN = SampleDesign(strata="region", weight="weight")


def two_files(seed: int, n_p: int = 90, n_e: int = 60, stores: int = 15) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Perceptions by store and group, expectations of other people by region: these know no group."""
    p, e = study(seed, n_p, missing=0.05, stores=stores), study(seed + 1, n_e, missing=0.05)
    return p.assign(stratum=p["store"] % 3), e.drop(columns=["group", "store", "stratum"])


def mean(score: pd.Series, weight: pd.Series) -> float:
    here = score.notna()
    return float(np.average(score[here], weights=weight[here]))


def influence(score: pd.Series, weight: pd.Series, where: pd.Series) -> pd.Series:
    """Of a weighted mean over ``where``: w (x - mean) / W, 0 elsewhere."""
    here = where & score.notna()
    centre = np.average(score[here], weights=weight[here])
    return (weight * (score - centre) / weight[here].sum()).where(here, 0.0)


@pytest.mark.parametrize("seed", range(4))
def test_an_expectation_file_without_the_group_serves_every_group(seed):
    """gap = mean of the group - mean of the file; the two variances add, df after Satterthwaite (1946)."""
    p, e = two_files(seed)
    gaps = score_gaps(apart(p, e, P_DESIGN, E_DESIGN), by="group")
    unit, scores_p, scores_e = pd.Series(e.index, index=e.index), person(p, "P"), person(e, "E")
    for group in "uv":
        table, here = lines(gaps, group=group), p["group"] == group
        for name in MEASURES:
            y, x = scores_p[name], scores_e[name]
            v_p = taylor(influence(y, p["weight"], here), p["stratum"], p["store"])
            v_e = taylor(influence(x, e["weight"], x.notna()), e["region"], unit)
            df_p = units_minus_strata(here & y.notna(), p["stratum"], p["store"])
            df_e = x.notna().sum() - e["region"].nunique()
            gap = mean(y[here], p["weight"][here]) - mean(x, e["weight"])
            assert table.loc[name, "gap"] == pytest.approx(gap, rel=REL)
            check(table.loc[name], interval(gap, v_p + v_e, satterthwaite((v_p, df_p), (v_e, df_e))))
            counts = [(here & y.notna()).sum(), x.notna().sum()]
            assert table.loc[name, ["n", "n_expectation"]].tolist() == counts


def matched_parts(p: pd.DataFrame, e: pd.DataFrame, name: str, group: str) -> tuple[float, pd.Series, pd.Series]:
    """The gap of a group against expectations mixed over regions as the group is, and the influence of all rows.

    The mix is estimated too: a row of the group counts with w/W (its score - its region's expectation - gap).
    """
    y, x = person(p, "P")[name], person(e, "E")[name]
    here = (p["group"] == group) & y.notna()
    total = p.loc[here, "weight"].sum()
    expected = {r: mean(x[e["region"] == r], e.loc[e["region"] == r, "weight"]) for r in e["region"].unique()}
    own = y - p["region"].map(expected)
    gap = np.average(own[here], weights=p.loc[here, "weight"])
    u_p = (p["weight"] * (own - gap) / total).where(here, 0.0)
    u_e = pd.Series(0.0, index=e.index)
    for r in expected:
        share = p.loc[here & (p["region"] == r), "weight"].sum() / total
        u_e = u_e - share * influence(x, e["weight"], e["region"] == r)
    return float(gap), u_p, u_e


@pytest.mark.parametrize("seed", range(4))
def test_an_expectation_file_matched_by_region(seed):
    """Expectations of each region weigh as the group's people in it; the group's mix of regions is itself estimated."""
    p, e = two_files(seed)
    gaps = score_gaps(apart(p, e, P_DESIGN, E_DESIGN), by="group", match="region")
    unit, scores_p, scores_e = pd.Series(e.index, index=e.index), person(p, "P"), person(e, "E")
    for group in "uv":
        table = lines(gaps, group=group)
        for name in MEASURES:
            gap, u_p, u_e = matched_parts(p, e, name, group)
            v_p, v_e = taylor(u_p, p["stratum"], p["store"]), taylor(u_e, e["region"], unit)
            used = (p["group"] == group) & scores_p[name].notna()
            df_p = units_minus_strata(used, p["stratum"], p["store"])
            df_e = scores_e[name].notna().sum() - e["region"].nunique()
            assert table.loc[name, "gap"] == pytest.approx(gap, rel=REL)
            check(table.loc[name], interval(gap, v_p + v_e, satterthwaite((v_p, df_p), (v_e, df_e))))


@pytest.mark.parametrize("match", [None, "region"])
def test_the_jackknife_agrees_with_the_linearised_error(match):
    """Wolter (2007), chapter 4: deleting one store, or one expectation respondent, at a time.

    It agrees to first order in the number of units: with 60 stores and 240 respondents, to within 5%.
    """
    p, e = two_files(11, 480, 240, stores=60)
    name = "dimension:b"
    y, x = person(p, "P")[name], person(e, "E")[name]

    def gap(w_p: pd.Series, w_e: pd.Series) -> float:
        here = (p["group"] == "u") & y.notna() & (w_p > 0)
        if match is None:
            return mean(y[here], w_p[here]) - mean(x, w_e)
        expected = {r: mean(x[e[match] == r], w_e[e[match] == r]) for r in e[match].unique()}
        return float(np.average(y[here] - p.loc[here, match].map(expected), weights=w_p[here]))

    whole, variance = gap(p["weight"], e["weight"]), 0.0
    for frame, stratum, unit in ((p, p["stratum"], p["store"]), (e, e["region"], pd.Series(e.index, index=e.index))):
        for h in stratum.unique():
            units = unit[stratum == h].unique()
            n = len(units)
            for one in units:
                w = frame["weight"].mask(stratum == h, frame["weight"] * n / (n - 1)).mask(unit == one, 0.0)
                moved = gap(w, e["weight"]) if frame is p else gap(p["weight"], w)
                variance += (n - 1) / n * (moved - whole) ** 2
    gaps = score_gaps(apart(p, e, P_DESIGN, E_DESIGN), by="group", match=match)
    line = lines(gaps, group="u").loc[name]
    assert line["gap"] == pytest.approx(whole, rel=REL)
    assert line["se"] == pytest.approx(np.sqrt(variance), rel=0.05)


def test_a_perception_file_without_the_group_is_the_mirror_image():
    """Which of the files lacks the column must not matter."""
    p, e = two_files(5)
    names = {**dict(zip(COLUMNS["P"], COLUMNS["E"], strict=True)), **dict(zip(COLUMNS["E"], COLUMNS["P"], strict=True))}
    one = score_gaps(apart(p, e, P_DESIGN, E_DESIGN), by="group", match="region")
    other = score_gaps(
        apart(e.rename(columns=names), p.rename(columns=names), E_DESIGN, P_DESIGN), by="group", match="region"
    )
    a, b = lines(one), lines(other)
    for mine, theirs, sign in (
        ("gap", "gap", -1),
        ("perception", "expectation", 1),
        ("se", "se", 1),
        ("df", "df", 1),
        ("n", "n_expectation", 1),
    ):
        assert a[mine].to_numpy() == pytest.approx(sign * b[theirs].to_numpy(), rel=REL), mine


def test_a_region_without_expectations_is_an_error_that_names_it():
    p, e = two_files(6)
    with pytest.raises(DataError, match="region = s"):
        score_gaps(apart(p, e[e["region"] == "r"], P_DESIGN, E_DESIGN), by="group", match="region")


@pytest.mark.parametrize("seed", range(3))
def test_two_files_from_the_same_stores_share_their_stores(seed):
    """The same clusters drawn once serve both files: one total per store, so that the store's level may cancel."""
    frame = study(seed, 120, missing=0.05, stores=12)
    p, e = frame[:70], frame[70:]
    design = SampleDesign(strata="stratum", clusters="store", weight="weight")
    gaps = lines(score_gaps(apart(p, e, design, design)))
    for name in MEASURES:
        y, x = person(p, "P")[name], person(e, "E")[name]
        u = pd.concat([influence(y, p["weight"], y.notna()), -influence(x, e["weight"], x.notna())])
        both = pd.concat([p, e])
        gap = mean(y, p["weight"]) - mean(x, e["weight"])
        assert gaps.loc[name, "gap"] == pytest.approx(gap, rel=REL)
        check(gaps.loc[name], interval(gap, taylor(u, both["stratum"], both["store"]), 12 - 2))


@pytest.mark.parametrize("seed", range(3))
def test_two_files_that_both_know_the_group(seed):
    """Each side's domain under its own design; the variances add, for rows and for their difference."""
    p, e = two_files(seed)
    e = e.assign(group=np.where(np.arange(len(e)) % 3, "u", "v"))
    gaps = score_gaps(apart(p, e, P_DESIGN, E_DESIGN), by="group")
    unit, table = pd.Series(e.index, index=e.index), differences(compare(gaps, "group"))
    for name in COMPARED:
        y, x = person(p, "P")[name], person(e, "E")[name]
        u, values = {}, {}
        for g in "uv":
            u[g] = influence(y, p["weight"], p["group"] == g), influence(x, e["weight"], e["group"] == g)
            v_p, v_e = taylor(u[g][0], p["stratum"], p["store"]), taylor(u[g][1], e["region"], unit)
            df_p = units_minus_strata((p["group"] == g) & y.notna(), p["stratum"], p["store"])
            df_e = units_minus_strata((e["group"] == g) & x.notna(), e["region"], unit)
            values[g] = mean(y[p["group"] == g], p["weight"][p["group"] == g]) - mean(
                x[e["group"] == g], e["weight"][e["group"] == g]
            )
            line = lines(gaps, group=g).loc[name]
            assert line["gap"] == pytest.approx(values[g], rel=REL)
            check(line, interval(values[g], v_p + v_e, satterthwaite((v_p, df_p), (v_e, df_e))))
        v_p = taylor(u["u"][0] - u["v"][0], p["stratum"], p["store"])
        v_e = taylor(u["u"][1] - u["v"][1], e["region"], unit)
        df_p = units_minus_strata(y.notna(), p["stratum"], p["store"])
        df = satterthwaite((v_p, df_p), (v_e, x.notna().sum() - 2))
        sign = 1 if table.loc[name, "group"] == "u" else -1
        check(table.loc[name], interval(sign * (values["u"] - values["v"]), v_p + v_e, df))


@pytest.mark.parametrize("seed", range(3))
def test_two_files_from_the_same_stores_by_group(seed):
    """One total per store over both files, + perceptions and - expectations of the group."""
    frame = study(seed, 160, missing=0.05, stores=12)
    p, e = frame[:90], frame[90:]
    gaps = score_gaps(apart(p, e, DESIGN, DESIGN), by="group")
    both = pd.concat([p, e])
    for g in "uv":
        here_p, here_e = p["group"] == g, e["group"] == g
        for name in MEASURES:
            y, x = person(p, "P")[name], person(e, "E")[name]
            u = pd.concat([influence(y, p["weight"], here_p), -influence(x, e["weight"], here_e)])
            used = pd.concat([here_p & y.notna(), here_e & x.notna()])
            gap = mean(y[here_p], p["weight"][here_p]) - mean(x[here_e], e["weight"][here_e])
            line = lines(gaps, group=g).loc[name]
            assert line["gap"] == pytest.approx(gap, rel=REL)
            df = units_minus_strata(used, both["stratum"], both["store"])
            check(line, interval(gap, taylor(u, both["stratum"], both["store"]), df))


def test_the_same_stores_are_recognised_whatever_the_column_holds():
    """Store 1 is one store, also where a row without a store (set aside) has turned the column into floats."""
    frame = study(7, 120, stores=12)
    p, e = frame[:70], frame[70:]
    design = SampleDesign(clusters="store")
    gap = e[e["store"] == 3].head(1).assign(store=np.nan)
    floats = Responses(pd.concat([e, gap])[[*COLUMNS["E"], "store"]], ASKED, design, faults="set aside")
    assert floats.n == len(e)
    same, other = score_gaps(apart(p, e, design, design)), score_gaps(side(p, "P", design).joined_with(floats))
    pd.testing.assert_series_equal(lines(same)["se"], lines(other)["se"])


# --- comparisons -------------------------------------------------------------------------------------------


def differences(result: Any) -> pd.DataFrame:
    """A comparison by measure."""
    frame = result.to_frame()
    names = ["total:mean" if name == "mean" else f"dimension:{name}" for name in frame["dimension"]]
    return frame.set_index(pd.Index(names, name="measure"))


COMPARED = [*(f"dimension:{d}" for d in SIZES), "total:mean"]


@FEW
@given(seed=SEEDS, missing=GAPS)
def test_groups_of_different_people_differ_by_a_welch_test(seed, missing):
    """scipy.stats.ttest_ind(equal_var=False) on the gaps of persons."""
    frame = study(seed, missing=missing)
    gap = person(frame, "P") - person(frame, "E")
    u, v = (frame["group"] == name for name in "uv")
    first = frame["group"].iloc[0]
    table = differences(compare(score_gaps(Responses(frame, ASKED), by="group"), "group"))
    for name in COMPARED:
        test = stats.ttest_ind(gap.loc[u, name].dropna(), gap.loc[v, name].dropna(), equal_var=False)
        sign = 1 if first == "u" else -1
        bounds = sorted(sign * bound for bound in test.confidence_interval(0.95))
        check(
            table.loc[name],
            {"df": test.df, "p": test.pvalue, "low": bounds[0], "high": bounds[1], "n": gap[name].notna().sum()},
        )
        assert table.loc[name, "difference"] / table.loc[name, "se"] == pytest.approx(sign * test.statistic, rel=REL)


@pytest.mark.parametrize("seed", range(4))
def test_groups_met_in_the_same_stores_share_their_stores(seed):
    """One influence per person, + in one group and - in the other, summed per store: the covariance is in it."""
    frame = study(seed, 90, missing=0.05, stores=12)
    gap = person(frame, "P") - person(frame, "E")
    table = differences(compare(score_gaps(Responses(frame, ASKED, DESIGN), by="group"), "group"))
    for name in COMPARED:
        parts = {g: influence(gap[name], frame["weight"], frame["group"] == g) for g in "uv"}
        variance = taylor(parts["u"] - parts["v"], frame["stratum"], frame["store"])
        df = units_minus_strata(gap[name].notna(), frame["stratum"], frame["store"])
        means = {g: mean(gap.loc[frame["group"] == g, name], frame["weight"][frame["group"] == g]) for g in "uv"}
        difference = means["u"] - means["v"]
        assert table.loc[name, ["group", "against"]].tolist() == ["u", "v"]
        assert table.loc[name, "difference"] == pytest.approx(difference, rel=REL)
        check(table.loc[name], interval(difference, variance, df))


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_different_stores_have_variances_that_add(seed):
    """Strata as groups: nothing is shared, so the squared errors of the two rows add, and so do their df."""
    frame = study(seed, 90, missing=0.05, stores=12)
    gaps = score_gaps(Responses(frame, ASKED, DESIGN), by="stratum")
    table = differences(compare(gaps, "stratum"))
    a, b = (
        lines(gaps, stratum=s).loc[COMPARED]
        for s in table["stratum"].iloc[[0]].tolist() + table["against"].iloc[[0]].tolist()
    )
    assert table["difference"].to_numpy() == pytest.approx((a["gap"] - b["gap"]).to_numpy(), rel=REL)
    assert table["se"].to_numpy() == pytest.approx(np.hypot(a["se"], b["se"]).to_numpy(), rel=REL)
    assert table["df"].tolist() == (a["df"] + b["df"]).tolist()


@FEW
@given(seed=SEEDS)
def test_a_common_expectation_cancels_between_groups(seed):
    """Both groups are held against one number: their difference is a Welch test of perceptions alone (scipy)."""
    frame = study(seed)
    p, e = frame[:30], frame[30:].drop(columns="group")
    table = differences(compare(score_gaps(apart(p, e), by="group"), "group"))
    y = person(p, "P")
    a, b = (y[p["group"] == g] for g in (table["group"].iloc[0], table["against"].iloc[0]))
    for name in COMPARED:
        if min(len(a), len(b)) < 2 or min(a[name].std(), b[name].std()) == 0:
            continue
        test = stats.ttest_ind(a[name], b[name], equal_var=False)
        bounds = test.confidence_interval(0.95)
        check(table.loc[name], {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high})
    other = compare(score_gaps(apart(p, study(seed + 1, 99).drop(columns="group")), by="group"), "group")
    names = ["difference", "se", "low", "high", "df", "p"]
    np.testing.assert_allclose(differences(other)[names], table[names], rtol=REL, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_matched_expectations_cancel_as_far_as_the_mixes_agree(seed):
    """Group u minus group v, each against its own mix of regions: influences subtract, file by file."""
    p, e = two_files(seed)
    gaps = score_gaps(apart(p, e, P_DESIGN, E_DESIGN), by="group", match="region")
    table = differences(compare(gaps, "group"))
    unit = pd.Series(e.index, index=e.index)
    for name in COMPARED:
        (gap_u, p_u, e_u), (gap_v, p_v, e_v) = (matched_parts(p, e, name, g) for g in "uv")
        v_p, v_e = taylor(p_u - p_v, p["stratum"], p["store"]), taylor(e_u - e_v, e["region"], unit)
        df_p = units_minus_strata(person(p, "P")[name].notna(), p["stratum"], p["store"])
        df_e = person(e, "E")[name].notna().sum() - e["region"].nunique()
        assert table.loc[name, "difference"] == pytest.approx(gap_u - gap_v, rel=REL)
        check(table.loc[name], interval(gap_u - gap_v, v_p + v_e, satterthwaite((v_p, df_p), (v_e, df_e))))


def test_fixed_levels_cancel_between_groups():
    frame = study(8)
    responses = Responses(frame, ASKED, DESIGN)
    a, b = (differences(compare(score_gaps(responses, by="group", expected=level), "group")) for level in (1, 7))
    pd.testing.assert_frame_equal(a, b, rtol=REL)


def test_a_region_with_one_store_against_a_region_with_many():
    """Region one: a single store, its respondents are the units. Region many: its stores are, here as elsewhere."""
    frame = study(9, 90, stores=12)
    frame = frame.assign(region=np.where(frame["store"] == 0, "one", "many"))
    gaps = score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store")), by="region")
    a, b = (lines(gaps, region=name).loc[COMPARED] for name in ("one", "many"))
    assert (a["reason"] == "one cluster").all()
    assert (b["df"] == 10).all()
    table = differences(compare(gaps, "region"))
    assert table["se"].to_numpy() == pytest.approx(np.hypot(a["se"], b["se"]).to_numpy(), rel=REL)
    df = [satterthwaite((a["se"][k] ** 2, a["df"][k]), (b["se"][k] ** 2, b["df"][k])) for k in COMPARED]
    assert table["df"].to_numpy() == pytest.approx(df, rel=REL)


def test_pairs_are_within_the_other_splits_and_all_are_corrected_together():
    frame = study(10, 120)
    gaps = score_gaps(Responses(frame, ASKED, DESIGN), by=["region", "group"])
    table = compare(gaps, "group", adjust="bonferroni").to_frame()
    assert len(table) == 2 * 4
    assert table.groupby("region").size().tolist() == [4, 4]
    assert table["p_adjusted"].tolist() == pytest.approx(np.minimum(table["p"] * 8, 1).tolist(), rel=1e-12)
    with pytest.raises(SpecError):
        compare(gaps, "store")
    with pytest.raises(DataError):
        compare(score_gaps(Responses(frame[frame["group"] == "u"], ASKED), by="group"), "group")


# --- stores ------------------------------------------------------------------------------------------------

STORE = SampleDesign(clusters="store")
ELSEWHERE = study(99).drop(columns=["store", "stratum"])
SAME_STORES = study(99, 96, stores=8)
BY_STORE = {
    "paired": lambda frame: Responses(frame, ASKED, SampleDesign(clusters="store", weight="weight")),
    "paired, strata": lambda frame: Responses(frame, ASKED, DESIGN),
    "fixed levels": lambda frame: side(frame, "P", DESIGN),
    "expectations elsewhere": lambda frame: apart(frame, ELSEWHERE, DESIGN, SampleDesign(weight="weight")),
    "expectations from the same stores": lambda frame: apart(frame, SAME_STORES, DESIGN, DESIGN),
    "expectations with stores, without design": lambda frame: apart(frame, SAME_STORES, DESIGN),
    "expectations with stores, other strata": lambda frame: apart(frame, SAME_STORES, DESIGN, STORE),
}


@pytest.mark.parametrize("build", BY_STORE.values(), ids=BY_STORE)
def test_a_store_by_itself_always_has_an_interval(build):
    """A row of a table by store rests on one cluster: its respondents are the units, and there is always an error."""
    frame = study(12, 96, stores=8)
    responses = build(frame)
    gaps = score_gaps(responses, by="store", expected=5 if responses.pairing == "perception only" else None)
    for table in KINDS:
        line = gaps.to_frame(table)
        assert (line["df"] > 0).all()
        assert line[["se", "low", "high"]].notna().all(axis=None)
        assert (line["se"] > 0).all()


def test_a_store_by_itself_is_the_interval_of_its_respondents():
    """Plain weights: scipy.stats.ttest_rel of each store's people; the remark says what it does not speak for."""
    frame = study(13, 96, missing=0.05)
    gap = person(frame, "P") - person(frame, "E")
    gaps = score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store")), by="store")
    for store, rows in gap.groupby(frame["store"]):
        table = lines(gaps, store=store)
        assert (table["reason"] == "one cluster").all()
        for name in MEASURES:
            test = stats.ttest_1samp(rows[name].dropna(), 0)
            bounds = test.confidence_interval(0.95)
            check(table.loc[name], {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high})
    assert "one cluster" in gaps.note()


@pytest.mark.parametrize(
    "population", [None, "people", ("stores", "people")], ids=["unknown", "people", "stores, people"]
)
def test_a_store_by_itself_is_a_stratum_of_its_own(population):
    """Weights and the number of people in a store count for its row as if the sample had been stratified by store."""
    frame = study(13, 96).assign(stores=8, people=60)
    stratified = SampleDesign(strata="store", weight="weight", population="people" if population else None)
    if population == "people":
        design = SampleDesign(strata="store", clusters="store", weight="weight", population=("one", "people"))
        frame = frame.assign(one=1)
    else:
        design = SampleDesign(clusters="store", weight="weight", population=population)
    a, b = (score_gaps(Responses(frame, ASKED, d), by="store") for d in (design, stratified))
    for table in KINDS:
        one, other = (g.to_frame(table).drop(columns="reason") for g in (a, b))
        pd.testing.assert_frame_equal(one, other, rtol=REL)


def test_a_store_met_in_two_waves_is_still_one_store():
    """Strata may cut through a store (waves, days): a row of one store rests on that store's respondents."""
    frame = study(13, 96).assign(wave=np.tile([1, 2], 48))
    gaps = score_gaps(Responses(frame, ASKED, SampleDesign(strata="wave", clusters="store")), by="store")
    for table in KINDS:
        assert (gaps.to_frame(table)["df"] > 0).all()
        assert (gaps.to_frame(table)["se"] > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_two_stores_differ_by_a_welch_test(seed):
    frame = study(seed, 60)
    gap = person(frame, "P") - person(frame, "E")
    table = compare(score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store")), by="store"), "store").to_frame()
    assert len(table) == 28 * 4
    for _, line in table[table["dimension"] == "b"].iterrows():
        a, b = (gap.loc[frame["store"] == line[column], "dimension:b"] for column in ("store", "against"))
        if min(len(a), len(b)) < 2:
            continue
        test = stats.ttest_ind(a, b, equal_var=False)
        bounds = test.confidence_interval(0.95)
        check(line, {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high})


def test_one_store_only():
    """A study of a single store: its respondents are the units (scipy), not a cluster without neighbours."""
    frame = study(14).assign(store="the only one")
    table = lines(score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store"))))
    for name in MEASURES:
        test = stats.ttest_rel(person(frame, "P")[name], person(frame, "E")[name])
        check(table.loc[name], {"df": test.df, "p": test.pvalue})
    assert (table["reason"] == "one cluster").all()


@pytest.mark.parametrize("by", [None, "store"])
def test_one_store_against_expectations_without_stores(by):
    """Welch's test (scipy): one side's respondents are the units because their store is the only one, the other side's
    because they were drawn. Neither side's error may get lost."""
    frame = study(14).assign(store="the only one")
    p, e = frame[:30], frame[30:]
    table = lines(score_gaps(apart(p, e, SampleDesign(clusters="store")), by=by))
    for name in MEASURES:
        test = stats.ttest_ind(person(p, "P")[name], person(e, "E")[name], equal_var=False)
        bounds = test.confidence_interval(0.95)
        check(table.loc[name], {"df": test.df, "p": test.pvalue, "low": bounds.low, "high": bounds.high})


@pytest.mark.parametrize("weight", [None, "weight"])
def test_all_stores_visited_is_stratifying_by_store(weight):
    """Cochran (1977), section 11.8: where every cluster is in the sample, clusters are strata, interviews the units."""
    frame = study(15, 90, missing=0.05)
    sizes = frame.groupby("stratum")["store"].nunique().to_dict()
    census = SampleDesign(strata="stratum", clusters="store", weight=weight, population=sizes)
    stratified = SampleDesign(strata="store", weight=weight)
    a, b = (score_gaps(Responses(frame, ASKED, design)) for design in (census, stratified))
    for table in KINDS:
        pd.testing.assert_frame_equal(a.to_frame(table), b.to_frame(table), rtol=REL)
    assert "completely visited" in a.note()
    like_these = score_gaps(Responses(frame, ASKED, SampleDesign(strata="stratum", clusters="store", weight=weight)))
    assert (lines(like_these)["df"] == 8 - 2).all()
    by_column = SampleDesign("stratum", "store", weight, "stores")
    c = score_gaps(Responses(frame.assign(stores=frame["stratum"].map(sizes)), ASKED, by_column))
    pd.testing.assert_frame_equal(c.to_frame(), a.to_frame())


# --- joint tests, matching, what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(("n", "refused"), [(3, True), (4, True), (5, False), (30, False)])
def test_the_joint_test_needs_more_degrees_of_freedom_than_dimensions(n, refused):
    """Three dimensions: 2 and 3 degrees of freedom are refused with a reason, 4 give F(3, 2)."""
    joint = score_gaps(Responses(study(16)[:n], ASKED)).joint[0]
    assert bool(joint.reason) == refused
    assert np.isnan(joint.p) == refused
    if not refused:
        assert (joint.df1, joint.df2) == (3, n - 3)


def test_the_joint_test_needs_more_clusters_than_dimensions():
    frame = study(17, 96, stores=8)
    few = score_gaps(Responses(frame, ASKED, DESIGN)).joint[0]
    assert (few.df1, few.df2) == (3, 6 - 3 + 1)
    fewer = frame[frame["store"] < 5]
    assert score_gaps(Responses(fewer, ASKED, DESIGN)).joint[0].reason


@FEW
@given(seed=SEEDS)
def test_the_joint_test_is_hotellings(seed):
    """T^2 = n m' S^-1 m of the persons' gaps, written out (Hotelling 1931)."""
    frame = study(seed)
    gap = (person(frame, "P") - person(frame, "E"))[[f"dimension:{d}" for d in SIZES]].to_numpy()
    n, k = gap.shape
    t2 = n * gap.mean(axis=0) @ np.linalg.solve(np.cov(gap.T), gap.mean(axis=0))
    f = t2 * (n - k) / (k * (n - 1))
    joint = score_gaps(Responses(frame, ASKED)).joint[0]
    assert [joint.t2, joint.f, joint.p] == pytest.approx([t2, f, stats.f.sf(f, k, n - k)], rel=1e-8)
    assert joint.n == n


def test_items_without_a_partner_are_listed_and_never_summed():
    """Thirteen aspects of a shop against the 22 items: eight have a partner (maps_to), by name."""
    shop, general = load_instrument("retail-13"), load_instrument("servqual-22")
    rng = np.random.default_rng(18)
    p = pd.DataFrame({column: rng.integers(1, 8, 40) for column in shop.columns("perception").values()})
    e = pd.DataFrame({column: rng.integers(3, 8, 30) for column in general.columns("expectation").values()})
    pairs = {"initiative": "RES1", "attitude": "EMP1", "staff_appearance": "TAN3", "staff_quality": "ASS2",
             "environment": "TAN2", "facilities": "TAN1", "efficiency": "RES2", "after_sales": "REL5"}  # fmt: skip
    responses = Responses(p, shop).joined_with(Responses(e, general))
    assert dict(responses.matches) == pairs
    gaps = score_gaps(responses)
    assert gaps.to_frame("items")["item"].tolist() == list(pairs)
    alone = {("perception", i.id) for i in shop.items if i.id not in pairs}
    alone |= {("expectation", i.id) for i in general.items if i.id not in pairs.values()}
    assert set(responses.unmatched) == alone
    assert len(alone) == 5 + 14
    assert all(f"{item} ({form})" in gaps.note() for form, item in alone)
    total = gaps.to_frame("total").set_index("total")
    means = {a: (p[f"P_{a}"].mean(), e[f"E_{b}"].mean()) for a, b in pairs.items()}
    assert total.loc["sum", "perception"] == pytest.approx(sum(m for m, _ in means.values()), rel=REL)
    assert total.loc["sum", "expectation"] == pytest.approx(sum(m for _, m in means.values()), rel=REL)
    tangibles = ["staff_appearance", "environment", "facilities"]
    line = gaps.to_frame().set_index("dimension").loc["tangibles"]
    assert line["gap"] == pytest.approx(np.mean([means[k][0] - means[k][1] for k in tangibles]), rel=REL)


def test_a_group_that_only_one_file_knows_has_a_reason():
    frame = study(19)
    p, e = frame[:30].assign(group=["w", *frame["group"][1:30]]), frame[30:]
    table = lines(
        score_gaps(apart(p, e, SampleDesign(weight="weight"), SampleDesign(weight="weight")), by="group"), group="w"
    )
    assert (table["reason"] == "one side").all()
    assert table[["expectation", "gap", "se", "p"]].isna().all(axis=None)


@pytest.mark.parametrize(("n_p", "n_e"), [(1, 20), (20, 1), (1, 1)])
def test_one_answer_on_one_side_leaves_no_error(n_p, n_e):
    """One person's mean varies, but nothing says how much: R's t.test refuses ("not enough 'x' observations"), scipy
    gives NaN. The other side's error alone would be too small by as much as anything can be."""
    frame = study(28)
    p, e = frame[:n_p], frame[-n_e:].drop(columns="group")
    for gaps in (score_gaps(apart(p, e)), score_gaps(apart(p, e), by="group")):
        table = lines(gaps)
        assert table[["se", "low", "high", "p"]].isna().all(axis=None)
        assert (table["reason"] == "one answer").all()


@pytest.mark.parametrize("design", [SampleDesign(), STORE], ids=["no design", "stores"])
def test_a_group_of_one_cannot_be_compared(design):
    """Its row has no error ("one answer"), so neither has its difference from anybody."""
    frame = study(29)
    frame = frame.assign(group=["x", *frame["group"][1:]])
    gaps = score_gaps(Responses(frame, ASKED, design), by="group")
    assert (lines(gaps, group="x")["reason"] == "one answer").all()
    table = compare(gaps, "group").to_frame()
    with_x = table[(table["group"] == "x") | (table["against"] == "x")]
    assert len(with_x) == 2 * len(COMPARED)
    assert with_x[["se", "low", "high", "p"]].isna().all(axis=None)
    assert (with_x["reason"] == "one answer").all()


def test_what_cannot_be_computed_has_a_reason():
    """Style, principle 10: nobody, one answer, one cluster per stratum."""
    frame = study(20).astype(dict.fromkeys(COLUMNS["P"] + COLUMNS["E"], float))
    frame.loc[frame["group"] == "u", "P_a0"] = np.nan
    table = lines(score_gaps(Responses(frame, ASKED), by="group"), group="u")
    assert table.loc[["item:a0", "dimension:a", "total:mean"], "reason"].tolist() == ["nobody"] * 3
    assert table.loc["item:a0", ["gap", "se", "p"]].isna().all()
    one = lines(score_gaps(Responses(frame.assign(group=["x", *frame["group"][1:]]), ASKED), by="group"), group="x")
    assert set(one.loc[one["n"] == 1, "reason"]) == {"one answer"}
    assert one.loc[one["n"] == 1, ["se", "low", "high", "p", "deff"]].isna().all(axis=None)
    lonely = score_gaps(Responses(frame.iloc[:2].assign(store=[1, 2], stratum=[1, 2]), ASKED, DESIGN))
    assert (lines(lonely).loc[lines(lonely)["n"] == 2, "reason"] == "no df").all()


def test_p_values_are_corrected_over_the_table_and_totals_each_by_itself():
    """Items and dimensions over all rows and groups; mean and sum ask one question and do not count as two."""
    gaps = score_gaps(Responses(study(21), ASKED), by="group", adjust="fdr_by")
    for table in ("items", "dimensions"):
        frame = gaps.to_frame(table)
        assert frame["p_adjusted"].tolist() == adjust_p(frame["p"].to_numpy(), "fdr_by").tolist()
    total = gaps.to_frame("total")
    for name in ("mean", "sum"):
        here = total[total["total"] == name]
        assert here["p_adjusted"].tolist() == adjust_p(here["p"].to_numpy(), "fdr_by").tolist()


# --- values that stay --------------------------------------------------------------------------------------


def test_data_and_results_stay_as_they_were():
    """Style, principles 2 and 14: results are frozen, tables are copies, the caller's data are the caller's."""
    frame = study(22, missing=0.05)
    given_frame = frame.copy(deep=True)
    responses = Responses(frame, ASKED, DESIGN)
    kept = responses.frame.copy(deep=True)
    gaps = score_gaps(responses, by="group", importance={"a": 1, "b": 2, "c": 3})
    compared, performance = compare(gaps, "group"), score_performance(responses, by="group")
    gaps.in_language("zh").note(), gaps.sentences(), compared.to_html(), performance.to_csv()
    pd.testing.assert_frame_equal(frame, given_frame, check_exact=True)
    pd.testing.assert_frame_equal(responses.frame, kept, check_exact=True)
    for result in (
        gaps,
        gaps.dimensions,
        gaps.items,
        gaps.total,
        gaps.diagnostics,
        gaps.effects,
        compared,
        performance,
    ):
        before = result.to_frame()
        mine = result.to_frame()
        mine[mine.columns[-1]] = "changed"
        pd.testing.assert_frame_equal(result.to_frame(), before, check_exact=True)
        with pytest.raises(FrozenInstanceError):
            result.level = 0.5
        with pytest.raises(FrozenInstanceError):
            result.frame = before
    for table in KINDS:
        mine = gaps.to_frame(table)
        mine["gap"] = 0.0
        assert (gaps.to_frame(table)["gap"] != 0).any()
    with pytest.raises(FrozenInstanceError):
        responses.frame = frame


def test_scoring_twice_gives_the_same_bits():
    responses = Responses(study(23, missing=0.05), ASKED, DESIGN)
    a, b = score_gaps(responses, by="group"), score_gaps(responses, by="group")
    for table in KINDS:
        pd.testing.assert_frame_equal(a.to_frame(table), b.to_frame(table), check_exact=True)


def test_another_language_holds_the_same_numbers():
    gaps = score_gaps(Responses(study(24), ASKED, DESIGN), by="group")
    other = gaps.in_language("zh")
    for table in KINDS:
        pd.testing.assert_frame_equal(other.to_frame(table), gaps.to_frame(table), check_exact=True)
    assert gaps.language == "en"
    assert other.in_language("en").to_string() == gaps.to_string()


# --- words in Chinese --------------------------------------------------------------------------------------

# Symbols, and names that have no Chinese form in print: of scales, tests and people.
PEOPLE = {"Wilcoxon", "Kish", "Hotelling", "Holm", "Bonferroni", "Benjamini", "Hochberg", "Yekutieli"}
NOT_ENGLISH = PEOPLE | {"SERVQUAL", "SERVPERF", "dz", "dav"}


def english(*texts: str) -> set[str]:
    """Words of two Latin letters or more that are no symbol and no name."""
    return {word for text in texts for word in re.findall(r"[A-Za-z][A-Za-z']+", text)} - NOT_ENGLISH


def chinese_study(seed: int = 25) -> pd.DataFrame:
    """Both forms of the 22 items; every name in the data is Chinese, as a Chinese study's would be."""
    asked = load_instrument("servqual-22")
    rng = np.random.default_rng(seed)
    columns = [*asked.columns("expectation").values(), *asked.columns("perception").values()]
    frame = pd.DataFrame(rng.integers(1, 8, (60, 44)), columns=columns)
    store = np.tile(np.arange(10), 6)
    weight, group = rng.uniform(1, 2, 60).round(2), np.where(rng.random(60) < 0.5, "男", "女")
    return frame.assign(门店=[f"店{k}" for k in store], 层=np.where(store % 2, "市区", "郊区"), 权重=weight, 组=group)


CHINESE_DESIGNS = {
    "no design": SampleDesign(),
    "stores": SampleDesign(strata="层", clusters="门店", weight="权重", selection="quota"),
    "all stores": SampleDesign(
        strata="层", clusters="门店", population={"市区": 5, "郊区": 5}, selection="probability"
    ),
    "some stores": SampleDesign(strata="层", clusters="门店", population={"市区": 5, "郊区": 9}),
}


def words_of(result: Any) -> list[str]:
    """Everything a result says: title, headings, cells of words, note."""
    shown = result.shown()
    cells = [str(cell) for name in shown.columns for cell in shown[name]]
    return [result.title(), result.note(), *shown.columns, *cells]


@pytest.mark.parametrize("by", [None, "组", "门店"], ids=["all", "group", "store"])
@pytest.mark.parametrize("design", CHINESE_DESIGNS.values(), ids=CHINESE_DESIGNS)
def test_chinese_results_are_in_chinese(design, by):
    """Titles, headings, words in cells, notes and sentences, of results that were turned into Chinese."""
    asked = load_instrument("servqual-22")
    importance = dict.fromkeys([dimension.id for dimension in asked.dimensions], 20)
    gaps = score_gaps(Responses(chinese_study(), asked, design), by=by, importance=importance).in_language("zh")
    for result in (gaps, gaps.dimensions, gaps.items, gaps.total, gaps.diagnostics, gaps.effects):
        assert english(*words_of(result)) == set()
    assert english(*gaps.sentences()) == set()
    group = {} if by is None else {by: gaps.to_frame()[by].iloc[0]}
    assert english(*(gaps.sentence(total, **group) for total in ("mean", "sum", "weighted"))) == set()
    estimated = gaps.dimensions.estimate("reliability", **group)
    assert english(estimated.interval("zh"), estimated.method, estimated.reason) == set()
    if by == "组":
        compared = compare(gaps, by)
        assert english(*words_of(compared)) == set()
        assert words_of(compared.in_language("en").in_language("zh")) == words_of(compared)


def test_chinese_from_the_start_is_the_same_as_turned_into_chinese():
    asked, design = load_instrument("servqual-22"), CHINESE_DESIGNS["stores"]
    turned = score_gaps(Responses(chinese_study(), asked, design), by="组").in_language("zh")
    start = score_gaps(Responses(chinese_study(), asked.in_language("zh"), design), by="组")
    for a, b in ((start, turned), (start.items, turned.items), (start.diagnostics, turned.diagnostics)):
        assert words_of(a) == words_of(b)
    assert start.sentences() == turned.sentences()


@pytest.mark.parametrize("expected", ["elsewhere", "fixed"])
def test_chinese_remarks_of_other_pairings(expected):
    asked = load_instrument("servqual-22", language="zh")
    frame = chinese_study()
    p = Responses(frame.drop(columns=list(asked.columns("expectation").values())), asked, CHINESE_DESIGNS["stores"])
    e = Responses(
        frame.drop(columns=[*asked.columns("perception").values(), "组", "门店"]), asked, SampleDesign(weight="权重")
    )
    gaps = (
        score_gaps(p, expected=6, by="组") if expected == "fixed" else score_gaps(p.joined_with(e), by="组", match="层")
    )
    for result in (gaps, gaps.items, gaps.diagnostics, gaps.effects, compare(gaps, "组")):
        assert english(*words_of(result)) == set()


@pytest.mark.parametrize("turned", [False, True], ids=["from the start", "in_language"])
def test_chinese_performance(turned):
    """All three tables: those beside the first one turn with it."""
    asked = load_instrument("servqual-22", language="en" if turned else "zh")
    scores = score_performance(Responses(chinese_study(), asked, CHINESE_DESIGNS["stores"]), by="组")
    scores = scores.in_language("zh") if turned else scores
    for result in (scores, scores.items, scores.total):
        assert english(*words_of(result)) == set()


def test_chinese_joint_test():
    asked = load_instrument("servqual-22", language="zh")
    gaps = score_gaps(Responses(chinese_study(), asked))
    assert english(gaps.joint[0].sentence("zh")) == set()
    few = score_gaps(Responses(chinese_study()[:5], asked)).joint[0]
    assert few.reason
    assert english(few.sentence("zh")) == set()


def test_chinese_list_of_items_without_partner():
    """The items' own ids are data; the forms are words."""
    shop, general = (load_instrument(name, language="zh") for name in ("retail-13", "servqual-22"))
    p = pd.DataFrame({column: [4, 5, 6, 3] for column in shop.columns("perception").values()})
    e = pd.DataFrame({column: [6, 7, 6, 5] for column in general.columns("expectation").values()})
    note = score_gaps(Responses(p, shop).joined_with(Responses(e, general))).note()
    assert not english(note) & {"perception", "expectation"}


@pytest.mark.parametrize("adjust", ["none", "fdr_bh", "fdr_by"])
def test_chinese_names_of_corrections(adjust):
    """The codes of an argument are no words of a report."""
    asked = load_instrument("servqual-22", language="zh")
    assert adjust not in score_gaps(Responses(chinese_study(), asked), adjust=adjust).note()


def test_chinese_estimates():
    table = estimate(chinese_study(), Mean("P_REL1"), CHINESE_DESIGNS["stores"], by="组").in_language("zh")
    assert english(table.title(), table.note()) == set()


# --- coverage ----------------------------------------------------------------------------------------------


def test_an_interval_covers_as_often_as_it_says():
    """95% Taylor intervals of a dimension gap, 40 stores with a strong common level, unequal sizes and weights.

    The truth is -2 by symmetry of the answers about 4 and 6. Of R = 1000 studies the share covered has a standard error
    of sqrt(.95 * .05 / R) = .0069 if the level is right; the bound of 3.29 standard errors, .927 to .973, is left by
    one seed in a thousand. The textbook interval, which takes respondents as independent, must fail the same bound.
    Studies are scored 25 at a time as strata of one file, which the first one shows to be no different.
    """
    asked, rng, at_once, batches = instrument({"a": 2}), np.random.default_rng(20240611), 25, 40
    design = SampleDesign(strata="study", clusters="store", weight="weight", selection="probability")
    covered = {"Taylor": 0, "Student": 0}
    for batch in range(batches):
        store = np.repeat(np.arange(40 * at_once), rng.integers(3, 9, 40 * at_once))
        n, level = len(store), rng.integers(-1, 2, 40 * at_once)[store]
        answers = {f"P_a{k}": 4 + level + rng.integers(-2, 3, n) for k in range(2)}
        answers |= {f"E_a{k}": 6 + rng.integers(-1, 2, n) for k in range(2)}
        frame = pd.DataFrame(answers).assign(store=store, study=store // 40, weight=rng.uniform(0.5, 2, n))
        table = score_gaps(Responses(frame, asked, design), by="study").to_frame()
        assert (table["df"] == 39).all()
        if batch == 0:
            alone = score_gaps(Responses(frame[frame["study"] == 0], asked, design)).to_frame().iloc[0]
            check(table.iloc[0], {name: alone[name] for name in ("gap", "se", "low", "high", "df")})
        covered["Taylor"] += int(((table["low"] <= -2) & (table["high"] >= -2)).sum())
        gap = (frame["P_a0"] + frame["P_a1"] - frame["E_a0"] - frame["E_a1"]) / 2
        studies = gap.groupby(frame["study"])
        t = (studies.mean() + 2) / studies.sem()
        covered["Student"] += int((t.abs() <= stats.t.ppf(0.975, studies.size() - 1)).sum())
    repeats = at_once * batches
    bound = 3.29 * np.sqrt(0.95 * 0.05 / repeats)
    assert abs(covered["Taylor"] / repeats - 0.95) < bound
    assert covered["Student"] / repeats < 0.95 - bound


def test_student_can_be_asked_for_under_a_design():
    """interval=Student(): the textbook's independence, by choice; interval=Taylor() without a design is the same."""
    frame = study(26)
    plain = score_gaps(Responses(frame, ASKED))
    chosen = score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store")), interval=Student())
    taken = score_gaps(Responses(frame, ASKED), interval=Taylor())
    for table in KINDS:
        pd.testing.assert_frame_equal(chosen.to_frame(table), plain.to_frame(table), rtol=REL)
        pd.testing.assert_frame_equal(taken.to_frame(table), plain.to_frame(table), rtol=REL)


def test_a_design_is_not_lost_on_the_way():
    """replace() on a design must not fall back to independence."""
    frame = study(27)
    weighted = replace(DESIGN, weight=None)
    assert (
        not score_gaps(Responses(frame, ASKED, weighted))
        .to_frame()
        .equals(score_gaps(Responses(frame, ASKED, DESIGN)).to_frame())
    )


def test_verdicts_are_given_at_the_level_of_the_intervals():
    """At 99% a gap whose corrected p is between .01 and .05 is not beyond chance; the joint test speaks of 1%."""
    for seed in range(40):
        gaps = score_gaps(Responses(study(seed), ASKED), level=0.99)
        table = gaps.dimensions.frame
        between = table[
            (table["p_adjusted"] >= 0.01) & (table["p_adjusted"] < 0.05) & ~((table["low"] <= 0) & (table["high"] >= 0))
        ]
        if len(between):
            break
    said = gaps.sentence(between["dimension"].iloc[0])
    assert "not beyond chance after correction, p = " in said
    assert "按全表校正后不显著" in gaps.in_language("zh").sentence(between["dimension"].iloc[0])
    assert gaps.joint[0].sentence().endswith("at 1%.")
    assert "在 1% 水平上" in gaps.joint[0].sentence("zh")
    assert score_gaps(Responses(study(seed), ASKED), level=0.9).joint[0].sentence().endswith("at 10%.")
