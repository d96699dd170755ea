"""The five gaps: what each is, how sure it is, and that they add up.

Authorities: ``score_gaps`` for the customer gap (the same responses, to the last digit); scipy's Welch test where nobody was drawn in
clusters; R's survey 4.1 (tests/reference/diagnosis.toml, made by diagnosis.R from diagnosis.csv: ``svyttest`` of managers against
customers, and of staff against customers of the same stores), 1e-9 relative; exact normal integrals for the chances; simulation for
the variance of what is delivered and for the coverage of shares; the stated truth of the sample study. Identity: the steps of the
waterfall add up to the customer gap for any data.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Responses, SampleDesign, load_instrument, read_responses, score_gaps
from servqual.diagnosis import ItemLevels, compare_staff, diagnose, inspected_items, read_item_levels
from servqual.diagnosis.chain import (
    LEVELS,
    LevelRows,
    Part,
    chances_of_largest_loss,
    delivered,
    share_interval,
    standard_and_delivered,
)
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from servqual.mystery import load_checklist, read_visits, score_visits
from servqual.plots import new_axes
from servqual.simulate_sources import SAMPLE_SOURCE_TRUTH
from survey_design import DataError, SpecError

HERE = Path(__file__).parent
R = tomllib.loads((HERE / "reference" / "diagnosis.toml").read_text(encoding="utf-8"))
SAMPLE = HERE.parent / "data" / "sample"
REL = 1e-9
ITEMS = ["a0", "a1", "b0", "b1"]
FEW = settings(max_examples=5, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
SCALE = load_instrument("servqual-22")
INDICATORS = {
    "REL1": ["handling", "fair_charging"],
    "RES2": "waiting",
    "ASS1": "knowledge",
    "EMP1": ["affinity", "handling"],
}


def instrument(low: int = 1, high: int = 7, items: list[str] = ITEMS, name: str = "small") -> Instrument:
    """Items a0, a1, b0, b1 in dimensions a and b, asked as E_ and P_."""
    forms = (Form("expectation", "E_{id}"), Form("perception", "P_{id}"))
    dimensions = tuple(
        Dimension(d, {"en": f"Side {d}", "zh": f"维度{d}"}) for d in dict.fromkeys(each[0] for each in items)
    )
    told = tuple(Item(each, each[0], {"en": each.upper(), "zh": f"题{each}"}, {"en": "text"}) for each in items)
    return Instrument(name, "1", {"en": name}, "", Scale(low, high), forms, dimensions, told)


SMALL = instrument()


def ratings(rng: np.random.Generator, n: int, letters: str = "EP", holes: float = 0.0) -> pd.DataFrame:
    values = {f"{letter}_{item}": rng.integers(1, 8, n).astype(float) for letter in letters for item in ITEMS}
    frame = pd.DataFrame(values)
    frame = frame.mask(rng.random(frame.shape) < holes)
    frame.iloc[:3] = rng.integers(1, 8, (3, frame.shape[1]))  # somebody answers everything
    return frame


def reviewed(rng: np.random.Generator, reviewers: int = 4, items: list[str] = ITEMS) -> ItemLevels:
    rows = [(f"R{k}", item, rng.integers(2, 15) / 2) for k in range(reviewers) for item in items]
    return read_item_levels(pd.DataFrame(rows, columns=["reviewer", "item", "level"]), SMALL)


def shares(rng: np.random.Generator, items: list[str] = ITEMS, n: int = 30) -> ItemLevels:
    """Shares kept with a covariance, as visits would bring them."""
    visits = rng.random((n, len(items)))
    frame = pd.DataFrame({"item": items, "level": visits.mean(axis=0), "n": n, "df": n - 1.0, "reason": ""})
    return ItemLevels(frame, covariance=np.atleast_2d(np.cov(visits.T)) / n, kind="share")


def everything(seed: int, holes: float = 0.1, paired: bool = True):
    """A diagnosis of random data from all sources."""
    rng = np.random.default_rng(seed)
    if paired:
        customers = Responses(ratings(rng, 25, "EP", holes), SMALL)
    else:
        customers = read_responses(expectation=Responses(ratings(rng, 20, "E", holes), SMALL),
                                   perception=Responses(ratings(rng, 25, "P", holes), SMALL))  # fmt: skip
    managers = Responses(ratings(rng, 9, "E", holes), SMALL)
    return customers, diagnose(
        customers, managers=managers, standards=reviewed(rng), kept=shares(rng), promises=reviewed(rng, 3)
    )


def at(result, finding, table="items"):
    frame = result.to_frame(table)
    return frame[frame["finding"] == finding].reset_index(drop=True)


# --- the customer gap is the one of score_gaps --------------------------------------------------------------


@pytest.mark.parametrize("paired", [True, False])
def test_the_customer_gap_is_that_of_score_gaps_to_the_last_digit(paired):
    customers, found = everything(7, paired=paired)
    gaps = score_gaps(customers)
    for table in ("dimensions", "items", "total"):
        ours, theirs = at(found, "customer", table), gaps.to_frame(table)
        theirs = theirs[theirs.iloc[:, 0] != "sum"].reset_index(drop=True)
        for mine, their in (("gap", "gap"), ("se", "se"), ("low", "low"), ("high", "high"), ("df", "df"), ("p", "p"),
                            ("p_adjusted", "p_adjusted"), ("second", "expectation"), ("first", "perception")):  # fmt: skip
            assert ours[mine].tolist() == theirs[their].tolist(), (table, mine)
        assert ours["n_first"].tolist() == theirs["n"].tolist()


# --- managers and staff -------------------------------------------------------------------------------------


def test_knowledge_is_welch_where_nobody_was_drawn_in_clusters():
    rng = np.random.default_rng(3)
    customers, managers = ratings(rng, 40), ratings(rng, 12, "E")
    found = at(diagnose(Responses(customers, SMALL), managers=Responses(managers, SMALL)), "knowledge")
    for _, row in found.iterrows():
        b, e = managers[f"E_{row['item']}"], customers[f"E_{row['item']}"]
        welch = stats.ttest_ind(b, e, equal_var=False)
        interval = welch.confidence_interval(0.95)
        assert [row["gap"], row["p"], row["df"]] == pytest.approx(
            [b.mean() - e.mean(), welch.pvalue, welch.df], rel=REL
        )
        assert [row["low"], row["high"]] == pytest.approx([interval.low, interval.high], rel=REL)
        assert (row["n_first"], row["n_second"]) == (12, 40)


@pytest.fixture(scope="module")
def asked() -> dict[str, pd.DataFrame]:
    frame = pd.read_csv(HERE / "reference" / "diagnosis.csv")
    return {name: part.reset_index(drop=True) for name, part in frame.groupby("who")}


DRAWN = SampleDesign(strata="tier", clusters="store", weight="weight")


def against_r(frame: pd.DataFrame, column: str, block: str) -> None:
    key = frame.columns[0]
    for _, row in frame.iterrows():
        assert [row[column], row["se"]] == pytest.approx(R[block][row[key]], rel=REL), row[key]


def test_knowledge_under_a_design_is_that_of_r(asked):
    managers = asked["manager"].drop(columns=[f"P_{item}" for item in ITEMS])
    found = diagnose(Responses(asked["customer"], SMALL, DRAWN), managers=Responses(managers, SMALL))
    for table in ("items", "dimensions", "total"):
        against_r(at(found, "knowledge", table), "gap", "knowledge")


def test_staff_share_their_stores_with_customers_as_in_r(asked):
    found = compare_staff(Responses(asked["customer"], SMALL, DRAWN), Responses(asked["staff"], SMALL, DRAWN))
    for table in ("items", "dimensions", "total"):
        frame = found.to_frame(table)
        for compared in ("expectation", "perception"):
            against_r(frame[frame["compared"] == compared], "difference", f"staff_{compared}")


def test_staff_of_other_places_are_a_sample_of_their_own():
    rng = np.random.default_rng(5)
    customers, staff = ratings(rng, 30), ratings(rng, 14)
    found = compare_staff(Responses(customers, SMALL), Responses(staff, SMALL)).to_frame("items")
    for _, row in found.iterrows():
        column = f"{row['compared'][0].upper()}_{row['item']}"
        welch = stats.ttest_ind(staff[column], customers[column], equal_var=False)
        assert [row["difference"], row["p"]] == pytest.approx(
            [staff[column].mean() - customers[column].mean(), welch.pvalue], rel=REL
        )


def test_staff_by_store():
    rng = np.random.default_rng(6)
    customers, staff = ratings(rng, 40).assign(store=["A", "B"] * 20), ratings(rng, 10).assign(store=["A", "B"] * 5)
    table = compare_staff(Responses(customers, SMALL), Responses(staff, SMALL), by="store").items
    row = table.frame[
        (table.frame["store"] == "B") & (table.frame["item"] == "b1") & (table.frame["compared"] == "perception")
    ].iloc[0]
    assert row["difference"] == pytest.approx(staff["P_b1"][1::2].mean() - customers["P_b1"][1::2].mean())
    assert "B1 (B) (service): staff − customers" in table.sentence("b1", "perception", store="B")


def test_managers_may_have_answered_another_instrument():
    rng = np.random.default_rng(8)
    other = instrument(items=["b1", "a0", "z9"], name="other")
    believed = pd.DataFrame({f"E_{item}": rng.integers(1, 8, 8) for item in ("b1", "a0", "z9")})
    customers = ratings(rng, 20)
    found = diagnose(Responses(customers, SMALL), managers=Responses(believed, other))
    rows = at(found, "knowledge").set_index("item")
    assert rows.index.tolist() == ["a0", "b1"]
    for item in rows.index:
        assert rows.loc[item, "gap"] == pytest.approx(believed[f"E_{item}"].mean() - customers[f"E_{item}"].mean())
    lacking = found.not_measured.frame.set_index("finding").loc["knowledge"]
    assert (lacking["lacks"], lacking["n_items"], lacking["items"]) == ("believed", 2, "a1, b0")


# --- the waterfall ------------------------------------------------------------------------------------------


@FEW
@given(SEEDS, st.booleans(), st.sampled_from([0.0, 0.15]))
def test_the_steps_add_up_to_the_customer_gap_for_any_data(seed, paired, holes):
    _, found = everything(seed, holes, paired)
    falls = found.waterfall
    for key in (*ITEMS, "a", "b", "mean"):
        rows = falls.rows(key).set_index("step")
        steps = rows.drop("customer")
        assert steps.index.tolist() == ["knowledge", "standards", "delivery", "perception"]
        assert steps["gap"].sum() == pytest.approx(rows.loc["customer", "gap"], abs=1e-12)
        assert all(one["end"] == two["start"] for (_, one), (_, two) in pairwise(steps.iterrows()))
        assert (steps["end"] - steps["start"]).tolist() == pytest.approx(steps["gap"].tolist(), abs=1e-12)
        known = steps["share"].dropna()
        assert len(known) in (0, 4)
        assert len(known) == 0 or known.sum() == pytest.approx(1)
        assert steps["largest"].sum() <= 1 + 1e-12
    total = at(found, "delivery", "total").iloc[0]
    assert total["gap"] == pytest.approx(falls.rows("mean").set_index("step").loc["delivery", "gap"])


def test_steps_without_a_level_between_them_are_one():
    rng = np.random.default_rng(9)
    customers = Responses(ratings(rng, 20), SMALL)
    believed = Responses(ratings(rng, 8, "E"), SMALL)
    only = diagnose(customers, managers=believed)
    assert only.waterfall.frame["step"].unique().tolist() == ["knowledge", "standards+delivery+perception", "customer"]
    assert "standards, delivery and perception" in only.sentence()
    assert "标准、交付与感受" in only.in_language("zh").sentence()
    standards = diagnose(customers, standards=reviewed(rng)).waterfall
    assert standards.frame["step"].unique().tolist() == ["knowledge+standards", "delivery+perception", "customer"]
    alone = diagnose(customers)
    assert alone.waterfall is None
    assert "where quality is lost can't be told" in alone.sentence()
    assert "无法说明差距从何而来" in alone.in_language("zh").sentence()


def test_sums_are_over_items_that_were_measured_everywhere_and_gaps_over_those_with_both_sides():
    rng = np.random.default_rng(10)
    frame = ratings(rng, 30)
    kept = shares(rng, ["a0", "b1"])
    found = diagnose(Responses(frame, SMALL), managers=Responses(ratings(rng, 8, "E"), SMALL), standards=reviewed(rng, items=["a0", "a1", "b1"]),
                     kept=kept)  # fmt: skip
    counted = found.to_frame("total").set_index("finding")["items"].to_dict()
    assert counted == {"knowledge": 4, "standards": 3, "delivery": 2, "customer": 4, "perception": 2}
    assert found.waterfall.items == ("a0", "b1")
    assert "sums over the 2 of 4 items" in found.waterfall.note()
    whole = found.waterfall.rows("mean").set_index("step").loc["customer", "gap"]
    own = ((frame["P_a0"] - frame["E_a0"]) + (frame["P_b1"] - frame["E_b1"])).mean() / 2
    assert whole == pytest.approx(own)


def test_the_floor_moves_delivery_and_perception_and_never_their_sum():
    rng = np.random.default_rng(23)
    customers, believed = Responses(ratings(rng, 40), SMALL), Responses(ratings(rng, 9, "E"), SMALL)
    standards, kept = ItemLevels.given(dict.fromkeys(ITEMS, 6.0)), shares(rng)
    given_ = {"managers": believed, "standards": standards, "kept": kept}
    low = diagnose(customers, **given_)
    turn = low.waterfall.turns["mean"]
    high = diagnose(customers, **given_, floor=turn)
    first, second = (each.waterfall.rows("mean").set_index("step")["gap"] for each in (low, high))
    assert second["delivery"] + second["perception"] == pytest.approx(first["delivery"] + first["perception"])
    others = second.drop(["delivery", "customer"])
    assert second["delivery"] == pytest.approx(others.min())  # from there on it no longer loses most
    assert f"gave {turn:.1f} or more (here 1)" in low.sentence()
    assert "便不再是最大损失" in low.in_language("zh").sentence()


# --- errors -------------------------------------------------------------------------------------------------


def test_the_variance_of_what_is_delivered_is_what_simulation_shows():
    rng = np.random.default_rng(11)
    standard, kept = np.array([5.5, 6.0, 4.5]), np.array([0.8, 0.6, 0.9])
    a, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    s_cov, k_cov = 0.03 * a @ a.T, 0.0004 * b @ b.T
    n = 200_000
    s = rng.multivariate_normal(standard, s_cov, n)
    d = delivered(1.0, s, rng.multivariate_normal(kept, k_cov, n))
    seen, told = np.cov(np.hstack([s, d]).T), np.sum(standard_and_delivered(1.0, standard, kept, s_cov, k_cov), axis=0)
    spread = np.sqrt(np.outer(np.diag(seen), np.diag(seen)))
    second_order = s_cov * k_cov  # exact: what the delta method leaves out of the variance of a product of normals
    told[3:, 3:] += second_order
    assert np.abs(seen - told).max() / spread.max() < 4 * np.sqrt(2 / n)
    assert (np.diag(second_order) / np.diag(told)[3:]).max() < 0.01  # and it is next to nothing


def test_errors_of_delivery_perception_and_communication_are_those_of_one_number_a_reviewer_and_a_visit():
    rng = np.random.default_rng(31)
    frame, visits = ratings(rng, 30), rng.random((25, 4))
    read, told = (pd.DataFrame(rng.integers(2, 15, (r, 4)) / 2, columns=ITEMS) for r in (5, 3))
    levels = [read_item_levels(each.rename_axis("reviewer").reset_index().melt("reviewer", var_name="item", value_name="level"), SMALL)
              for each in (read, told)]  # fmt: skip
    table = pd.DataFrame({"item": ITEMS, "level": visits.mean(axis=0), "n": 25, "df": 24.0, "reason": ""})
    kept = ItemLevels(table, covariance=np.cov(visits.T) / 25, kind="share")
    found = diagnose(Responses(frame, SMALL), standards=levels[0], kept=kept, promises=levels[1])
    k, standard = visits.mean(axis=0), read.mean().to_numpy()
    for key, weight in (("a", np.array([0.5, 0.5, 0, 0])), ("mean", np.full(4, 0.25))):
        by_visit = visits @ (weight * (standard - 1))  # D moves by S − 1 for each share kept
        perceived = frame[[f"P_{item}" for item in ITEMS]].to_numpy() @ weight
        behind = {
            "delivery": [read.to_numpy() @ (weight * (k - 1)), by_visit],
            "perception": [read.to_numpy() @ (weight * k), by_visit, perceived],
            "communication": [read.to_numpy() @ (weight * k), by_visit, told.to_numpy() @ weight],
        }
        for finding, numbers in behind.items():
            variance = [np.var(each, ddof=1) / len(each) for each in numbers]
            df = sum(variance) ** 2 / sum(v**2 / (len(each) - 1) for v, each in zip(variance, numbers, strict=True))
            row = (
                at(found, finding, "total" if key == "mean" else "dimensions")
                .set_index("total" if key == "mean" else "dimension")
                .loc[key]
            )
            assert [row["se"], row["df"]] == pytest.approx([np.sqrt(sum(variance)), df], rel=REL), (key, finding)


def simulated(studies: int, seed: int) -> tuple[LevelRows, np.ndarray]:
    """Many studies of one item as rows: 60 customers (paired), 12 managers, 5 reviewers, 40 visits; and the true gaps."""
    rng = np.random.default_rng(seed)
    true = {"expected": 6.2, "believed": 5.8, "standard": 5.4, "kept": 0.75, "perceived": 4.6}
    e = rng.normal(true["expected"], 0.9, (studies, 60))
    p = true["perceived"] + 0.5 * (e - true["expected"]) + rng.normal(0, 1.0, (studies, 60))
    b, s = rng.normal(true["believed"], 0.8, (studies, 12)), rng.normal(true["standard"], 0.5, (studies, 5))
    k = rng.normal(true["kept"], 0.2, (studies, 40))
    value = np.full((studies, 6), np.nan)
    for name, mean in (("expected", e), ("believed", b), ("standard", s), ("perceived", p)):
        value[:, LEVELS.index(name)] = mean.mean(axis=1)
    standard, kept = s.mean(axis=1), k.mean(axis=1)
    value[:, LEVELS.index("delivered")] = delivered(1.0, standard, kept)

    def part(df: float, *entries) -> Part:
        covariance, own = np.zeros((studies, 6, 6)), np.full((studies, 6), np.inf)
        for one, two, numbers in entries:
            i, j = LEVELS.index(one), LEVELS.index(two)
            covariance[:, i, j] = covariance[:, j, i] = numbers
            own[:, [i, j]] = df
        return Part(covariance, own)

    both = ((e - e.mean(axis=1, keepdims=True)) * (p - p.mean(axis=1, keepdims=True))).sum(axis=1) / 59 / 60
    vs = s.var(axis=1, ddof=1) / 5
    parts = (
        part(59, ("expected", "expected", e.var(axis=1, ddof=1) / 60), ("perceived", "perceived", p.var(axis=1, ddof=1) / 60),
             ("expected", "perceived", both)),
        part(11, ("believed", "believed", b.var(axis=1, ddof=1) / 12)),
        part(4, ("standard", "standard", vs), ("standard", "delivered", kept * vs), ("delivered", "delivered", kept**2 * vs)),
        part(39, ("delivered", "delivered", (standard - 1) ** 2 * k.var(axis=1, ddof=1) / 40)),
    )  # fmt: skip
    served = 1 + true["kept"] * (true["standard"] - 1)
    gaps = [
        true["believed"] - true["expected"],
        true["standard"] - true["believed"],
        served - true["standard"],
        true["perceived"] - served,
    ]
    return LevelRows(value, np.ones((studies, 6)), parts), np.array([*gaps, sum(gaps)])


PAIRS = [
    ("believed", "expected"),
    ("standard", "believed"),
    ("delivered", "standard"),
    ("perceived", "delivered"),
    ("perceived", "expected"),
]


def test_intervals_of_gaps_and_shares_cover_what_they_promise():
    studies = 1_500
    rows, true = simulated(studies, 12)
    found = rows.differences(PAIRS)
    half = stats.t.ppf(0.975, found.df) * found.se
    covered = (np.abs(found.value - true) <= half).mean(axis=0)
    error = 3 * np.sqrt(0.95 * 0.05 / studies)
    assert ((covered > 0.95 - error) & (covered < 0.95 + 2 * error)).all(), covered
    variance = found.se**2
    df = np.minimum(found.df[:, :-1], found.df[:, [-1]])
    low, high = share_interval(found.value[:, :-1], found.value[:, [-1]], variance[:, :-1], variance[:, [-1]],
                               found.covariance[:, :-1, -1], df, 0.95)  # fmt: skip
    share = true[:-1] / true[-1]
    hit = ((low <= share) & (share <= high)).mean(axis=0)
    assert ((hit > 0.95 - error) & (hit < 0.95 + 2 * error)).all(), hit


def test_a_share_ends_where_what_it_leaves_over_becomes_beyond_chance():
    top, bottom, vt, vb, both, df = -0.4, -1.1, 0.02, 0.03, 0.01, 17.0
    ends = share_interval(*(np.array([x]) for x in (top, bottom, vt, vb, both, df)), 0.9)
    for theta in (float(end[0]) for end in ends):
        t = abs(top - theta * bottom) / np.sqrt(vt - 2 * theta * both + theta**2 * vb)
        assert t == pytest.approx(stats.t.ppf(0.95, df), rel=1e-9)
    assert np.isnan(share_interval(*(np.array([x]) for x in (top, -0.2, vt, vb, both, df)), 0.9)[0]).all()


def test_shares_are_refused_in_words_where_the_customer_gap_is_too_near_nothing():
    rng = np.random.default_rng(13)
    same = ratings(rng, 60, "E")
    noisy = pd.concat(
        [
            same,
            same.set_axis([name.replace("E_", "P_") for name in same], axis=1).sample(
                frac=1, random_state=1, ignore_index=True
            ),
        ],
        axis=1,
    )
    found = diagnose(Responses(noisy, SMALL), managers=Responses(ratings(rng, 9, "E"), SMALL)).waterfall
    rows = found.rows("mean")
    assert rows["share"].isna().all()
    assert set(rows["reason"]) == {"unclear"}
    assert "too near 0 for shares of it" in found.sentence()
    assert "不计算份额" in found.in_language("zh").sentence()


def test_chances_are_those_of_exact_normal_integrals():
    draws = 200_000
    value, covariance = np.array([[-0.30, -0.22]]), np.array([[[0.02, 0.006], [0.006, 0.015]]])
    sources = [(covariance, np.array([np.inf]))]
    told = chances_of_largest_loss(value, sources, draws=draws, seed=3)[0]
    for k in (0, 1):  # lowest and below 0: two linear conditions of a normal vector
        conditions = np.array([[1.0, 0.0], [1.0, -1.0]]) if k == 0 else np.array([[0.0, 1.0], [-1.0, 1.0]])
        exact = stats.multivariate_normal(conditions @ value[0], conditions @ covariance[0] @ conditions.T).cdf([0, 0])
        assert told[k] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / draws))
    assert np.array_equal(told, chances_of_largest_loss(value, sources, draws=draws, seed=3)[0])
    one = chances_of_largest_loss(np.array([[-0.5, np.nan]]), [(np.zeros((1, 2, 2)), np.array([np.inf]))])
    assert np.isnan(one).all()


@pytest.mark.parametrize("df", [3.0, 20.0])
def test_a_source_that_knows_its_error_badly_is_drawn_as_t(df):
    draws, sources = 200_000, [(np.array([[[0.02]]]), np.array([df]))]
    told = chances_of_largest_loss(np.array([[-0.2]]), sources, draws=draws, seed=5)[0, 0]
    exact = stats.t.cdf(0.2 / np.sqrt(0.02), df)
    assert told == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / draws))
    two = [(np.array([[[0.02]]]), np.array([df])), (np.array([[[0.03]]]), np.array([np.inf]))]
    told = chances_of_largest_loss(np.array([[-0.2]]), two, draws=draws, seed=5)[0, 0]
    x = np.linspace(-60, 60, 400_001)  # t of the one against the normal of the other, integrated
    exact = np.sum(stats.t.pdf(x, df) * stats.norm.cdf((0.2 - np.sqrt(0.02) * x) / np.sqrt(0.03))) * (x[1] - x[0])
    assert told == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / draws))


def stated_and_true(normal: bool, studies: int = 4_000) -> tuple[float, float]:
    """Statements of 85 to 99% about which of two steps loses most: mean chance, and share that came true.

    Four reviewers set the standard between managers and customers whose means are nearly known; truths lie anywhere.
    """
    rng = np.random.default_rng(15)
    truth = rng.uniform(-2, 0, (studies, 2))  # B − E, S − B
    reviews = truth.sum(axis=1)[:, None] + rng.normal(0, 0.6, (studies, 4))  # S, E = 0
    believed = truth[:, 0] + rng.normal(0, 0.05, studies)
    value = np.column_stack([believed, reviews.mean(axis=1) - believed])
    of_b = np.tile(0.05**2 * np.array([[1.0, -1.0], [-1.0, 1.0]]), (studies, 1, 1))
    of_s = np.zeros((studies, 2, 2))
    of_s[:, 1, 1] = reviews.var(axis=1, ddof=1) / 4
    degrees = np.full(studies, np.inf if normal else 3.0)
    told = chances_of_largest_loss(value, [(of_b, np.full(studies, np.inf)), (of_s, degrees)], draws=500, seed=6)
    right = np.argmin(truth, axis=1)[:, None] == np.arange(2)
    some = (told > 0.85) & (told < 0.99)
    return float(told[some].mean()), float(right[some].mean())


def test_chances_of_the_largest_loss_come_true_with_four_reviewers():
    said, true = stated_and_true(normal=False)
    assert abs(said - true) < 0.025, (said, true)
    said, true = stated_and_true(normal=True)
    assert said - true > 0.025, "normal draws claim too much: this is what the degrees of freedom are for"


def steps(expected: int, believed: int, perceived: int):
    """A waterfall whose levels are nearly the same for everybody: standards 5."""
    rng = np.random.default_rng(16)

    def near(letter: str, level: int, n: int) -> pd.DataFrame:
        return pd.DataFrame({f"{letter}_{item}": np.clip(level + rng.integers(-1, 2, n), 1, 7) for item in ITEMS})

    customers = pd.concat([near("E", expected, 80), near("P", perceived, 80)], axis=1)
    return diagnose(Responses(customers, SMALL), managers=Responses(near("E", believed, 20), SMALL),
                    standards=ItemLevels.given(dict.fromkeys(ITEMS, 5.0))).waterfall  # fmt: skip


def test_where_nothing_is_lost_no_step_is_called_the_largest_loss():
    gained = steps(expected=3, believed=4, perceived=6)
    assert (gained.rows()["gap"] > 0).all()
    assert "Most likely no step loses quality (chance over 99%)" in gained.sentence()
    assert "largest loss" not in gained.sentence()
    assert "没有任何环节损失质量（概率 99% 以上）" in gained.in_language("zh").sentence()


def test_a_loss_is_no_share_of_a_gap_in_customers_favour():
    made_good = steps(expected=4, believed=3, perceived=6)
    said = made_good.sentence()
    assert "most is most likely lost in knowledge" in said
    assert "other steps more than make good: customers get more than they expect" in said
    assert "% of the gap" not in said
    assert "其他环节弥补：总体上感知高于期望" in made_good.in_language("zh").sentence()


def test_the_seed_decides_the_chances_and_nothing_else():
    rng = np.random.default_rng(14)
    customers, managers = Responses(ratings(rng, 30), SMALL), Responses(ratings(rng, 9, "E"), SMALL)
    first, again, other = (diagnose(customers, managers=managers, seed=seed).waterfall.frame for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first, again)
    assert (first["largest"].dropna() - other["largest"].dropna()).abs().max() < 0.02
    pd.testing.assert_frame_equal(first.drop(columns="largest"), other.drop(columns="largest"))


# --- levels of items ----------------------------------------------------------------------------------------


def test_reviewers_means_and_covariances_are_those_of_pandas():
    rng = np.random.default_rng(15)
    wide = pd.DataFrame(rng.integers(2, 15, (5, 4)) / 2, columns=ITEMS, index=[f"R{k}" for k in range(5)]).rename_axis(
        "reviewer"
    )
    long = wide.reset_index().melt("reviewer", var_name="item", value_name="level").sample(frac=1, random_state=2)
    levels = read_item_levels(long, SMALL)
    assert levels.frame["level"].tolist() == pytest.approx(wide.mean().tolist())
    assert levels.covariance == pytest.approx(wide.cov().to_numpy() / 5)
    assert (levels.frame["df"] == 4).all()
    assert (levels.frame["n"] == 5).all()


def test_reviewers_who_agree_on_one_item_take_the_error_of_their_others():
    rows = {"a0": [6, 6, 6, 6], "a1": [5, 6, 5, 6], "b0": [7, 5, 6, 6], "b1": [4, 4, np.nan, np.nan]}
    table = pd.DataFrame([(f"r{k}", item, level) for item, levels in rows.items() for k, level in enumerate(levels)],
                         columns=["reviewer", "item", "level"])  # fmt: skip
    read = read_item_levels(table, SMALL)
    variance = (0 + 1 + 2 + 0) / (3 + 3 + 3 + 1)  # by hand: sums of squares about the items' means, reviewers less one
    frame = read.frame.set_index("item")
    assert frame["se"].to_dict() == pytest.approx({"a0": np.sqrt(variance / 4), "a1": np.sqrt(1 / 12), "b0": np.sqrt(2 / 12),
                                                   "b1": np.sqrt(variance / 2)})  # fmt: skip
    assert frame["reason"].to_dict() == {"a0": "pooled", "a1": "", "b0": "", "b1": "pooled"}
    assert frame["df"].to_dict() == {"a0": 3, "a1": 3, "b0": 3, "b1": 1}
    assert "takes the error of the other items" in str(read)
    assert "借用其他题项的误差" in str(read.in_language("zh"))
    same = read_item_levels(table.assign(level=5.0), SMALL).frame  # nobody differs anywhere: nothing to take
    assert set(same["reason"]) == {"alike"}
    assert (same["se"] == 0).all()


def test_levels_in_whole_points_are_covered_although_four_reviewers_often_agree():
    rng, studies, items = np.random.default_rng(17), 300, [item.id for item in SCALE.items]
    latent, covered, alone = np.linspace(4.6, 6.4, len(items)), [], []
    steps = np.arange(1, 8)
    chance = np.diff(
        stats.norm.cdf(np.concatenate([[-np.inf], steps[:-1] + 0.5, [np.inf]])[None, :], latent[:, None], 0.4), axis=1
    )
    truth = chance @ steps
    for _ in range(studies):
        drawn = np.clip(np.rint(rng.normal(latent, 0.4, (4, len(items)))), 1, 7)
        table = pd.DataFrame(
            {"reviewer": np.repeat(np.arange(4), len(items)), "item": items * 4, "level": drawn.ravel()}
        )
        frame = read_item_levels(table, SCALE).frame.set_index("item").loc[items]
        covered.append(((frame["low"] <= truth) & (truth <= frame["high"])).to_numpy())
        alone.append(np.ptp(drawn, axis=0) == 0)
    hit, same = np.array(covered), np.array(alone)
    assert same.mean() > 0.2  # without the others' error these would have an interval of no width
    assert hit.mean() > 0.93, hit.mean()
    assert hit[same].mean() > 0.95, hit[same].mean()


def test_a_blank_level_says_there_is_none_and_channels_are_averaged():
    rows = [("R1", "a0", "web", "6"), ("R1", "a0", "poster", "4"), ("R2", "a0", "web", "７"), ("R2", "a1", "web", "  "), ("R1", "a1", "web", None),
            ("R1", "b0", "web", 3), ("R2", "b0", "web", None)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["reviewer", "item", "channel", "level"])
    frame = read_item_levels(table, SMALL, several="channel").frame.set_index("item")
    assert frame["level"].to_dict() == pytest.approx({"a0": 6.0, "a1": np.nan, "b0": 3.0}, nan_ok=True)
    assert frame["reason"].to_dict() == {"a0": "", "a1": "none", "b0": "one reviewer"}
    assert frame["n"].to_dict() == {"a0": 2, "a1": 0, "b0": 1}
    with pytest.raises(DataError, match="given before by the same reviewer"):
        read_item_levels(table, SMALL)


def test_every_unusable_cell_is_named_and_may_be_set_aside(tmp_path):
    rows = [
        ("R1", "a0", 6),
        ("R2", "a0", 5),
        ("R1", "b9", 4),
        ("R1", "a1", 9),
        ("R1", "b0", "high"),
        ("", "b1", 4),
        ("R2", "a0", 7),
    ]
    path = tmp_path / "standards.csv"
    pd.DataFrame(rows, columns=["reviewer", "item", "level"]).to_csv(path, index=False)
    with pytest.raises(DataError) as error:
        read_item_levels(path, SMALL)
    told = error.value.cases[["row", "column", "problem"]].to_records(index=False).tolist()
    assert told == [(4, "item", "not an item of the instrument"), (5, "level", "outside 1-7"), (6, "level", "not a number"),
                    (7, "reviewer", "missing"), (8, "item", "given before by the same reviewer")]  # fmt: skip
    assert "'b9' in row 4" in str(error.value)
    assert "5 cells can't be used" in str(error.value)
    kept = read_item_levels(path, SMALL, faults="set aside")
    assert kept.items == ("a0",)
    assert kept.frame["level"].tolist() == [5.5]
    assert "5 rows set aside" in kept.note()
    with pytest.raises(DataError, match="no item has a level"):
        read_item_levels(pd.DataFrame({"reviewer": ["R1"], "item": ["a0"], "level": [None]}), SMALL)
    with pytest.raises(DataError, match="no column 'level'"):
        read_item_levels(pd.DataFrame({"reviewer": ["R1"], "item": ["a0"]}), SMALL)


def test_levels_under_chinese_headings_are_found_and_others_are_named():
    rows = [("R1", "a0", "网站", 6), ("R1", "a0", "海报", 4), ("R2", "a0", "网站", 7)]
    table = pd.DataFrame(rows, columns=["评审人", "题项", "渠道", "水平"])
    found = read_item_levels(table, SMALL, several="channel").frame
    assert found["level"].tolist() == pytest.approx([6.0])
    assert found["n"].tolist() == [2]
    own = table.rename(columns={"评审人": "谁", "水平": "几分"})
    with pytest.raises(
        DataError, match=r"lacks 2 columns: 'reviewer', 'level'.*Name the file's column: reviewer='…', level='…'"
    ):
        read_item_levels(own, SMALL, several="渠道")
    named = read_item_levels(own, SMALL, several="渠道", reviewer="谁", level="几分").frame
    pd.testing.assert_frame_equal(named, found)


def test_one_reviewer_leaves_gaps_without_error_and_says_so():
    rng = np.random.default_rng(16)
    customers, managers = Responses(ratings(rng, 30), SMALL), Responses(ratings(rng, 9, "E"), SMALL)
    found = diagnose(customers, managers=managers, standards=reviewed(rng, 1), kept=shares(rng))
    for finding in ("standards", "delivery", "perception"):
        rows = at(found, finding, "dimensions")
        assert np.isfinite(rows["gap"]).all()
        assert rows[["se", "low", "high", "p"]].isna().all(axis=None)
        assert set(rows["reason"]) == {"one reviewer"}, finding
    assert np.isfinite(at(found, "knowledge")["se"]).all()
    assert "one reviewer: no error can be computed" in found.sentence("a", "standards")
    assert "仅一名评审者" in found.in_language("zh").sentence("a", "standards")
    assert found.waterfall.frame["largest"].isna().all()
    assert "can't be told" in found.sentence()
    rows = found.waterfall.rows("mean").set_index("step")["gap"]
    assert rows.drop("customer").sum() == pytest.approx(rows["customer"], abs=1e-12)


@lru_cache(maxsize=1)
def visited():
    checklist = load_checklist("telecom-store")
    return read_visits(SAMPLE / "visits.csv", checklist, stores=SAMPLE / "stores.csv", faults="set aside")


def test_shares_kept_are_the_scores_of_the_visits_with_the_errors_of_their_stores():
    visits = visited()
    scores = score_visits(visits)
    kept = inspected_items(scores, INDICATORS, instrument=SCALE)
    frame = kept.frame.set_index("item")
    for item in ("RES2", "ASS1"):
        row = scores.row(INDICATORS[item], part="indicator")
        assert frame.loc[item, ["level", "se", "df"]].tolist() == pytest.approx(
            [row["score"] / 100, row["se"] / 100, row["df"]], rel=REL
        )
    each = scores.per_visit()
    two = [each[f"indicator:{name}"] for name in INDICATORS["REL1"]]
    assert frame.loc["REL1", "level"] == pytest.approx(sum(column.mean() for column in two) / 200)
    # the error between stores, written out: residuals of both means summed by store
    influence = sum((column - column.mean()).fillna(0) / column.count() for column in two) / 200
    stores = influence.groupby(each["store"]).sum()
    k = len(stores)
    assert frame.loc["REL1", "se"] == pytest.approx(
        np.sqrt(k / (k - 1) * ((stores - stores.mean()) ** 2).sum()), rel=1e-6
    )
    shared = kept.covariance[list(INDICATORS).index("REL1"), list(INDICATORS).index("EMP1")]
    assert shared > 0  # both rest on the same handling


# --- the sample study and its truth -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample():
    indicators = SAMPLE_SOURCE_TRUTH.indicators
    in_store = SampleDesign(strata="tier", clusters="store", weight="weight", population="stores_in_tier")
    perceived = read_responses(
        SAMPLE / "intercept.csv", SCALE, in_store, dont_know=[99], missing_codes=[-9], faults="set aside"
    )
    expected = read_responses(SAMPLE / "expectation.csv", SCALE, SampleDesign(strata="region", weight="weight"))
    visits = visited()
    covert = visits.chosen((visits.frame["mode"] == "covert").to_numpy())
    return diagnose(
        read_responses(expectation=expected, perception=perceived),
        managers=read_responses(SAMPLE / "managers.csv", SCALE, respondent="manager"),
        staff=read_responses(SAMPLE / "staff.csv", SCALE, in_store, respondent="staff"),
        standards=read_item_levels(SAMPLE / "standards.csv", SCALE),
        promises=read_item_levels(SAMPLE / "promises.csv", SCALE, several="channel"),
        kept=inspected_items(score_visits(covert), indicators, instrument=SCALE),
    )


def test_the_sample_study_finds_its_truth(sample):
    truth = pd.read_csv(SAMPLE / "truth_sources.csv")
    truth = truth[truth["group"] == "all"].set_index(["what", "id"])["value"]
    hit, asked_ = 0, 0
    for finding in ("knowledge", "standards", "delivery", "communication", "customer", "perception"):
        for _, row in at(sample, finding).iterrows():
            true = truth[finding, row["item"]]
            if not row["se"] > 0:
                continue
            t = abs(row["gap"] - true) / row["se"]
            assert 2 * stats.t.sf(t, row["df"]) > 0.0002, (finding, row["item"], row["gap"], true)
            hit, asked_ = hit + (row["low"] <= true <= row["high"]), asked_ + 1
    assert asked_ > 80
    assert hit / asked_ > 0.88, (hit, asked_)


def test_staff_of_the_sample_study_know_and_see_what_was_made_true(sample):
    truth = pd.read_csv(SAMPLE / "truth_sources.csv")
    truth = truth[truth["group"] == "all"].set_index(["what", "id"])["value"]
    names = {"expectation": "staff_knowledge", "perception": "staff_perception"}
    frame = sample.staff.to_frame("items")
    true = np.array([truth[names[what], item] for what, item in zip(frame["compared"], frame["item"], strict=True)])
    assert len(frame) == 44
    assert (np.abs(frame["difference"] - true) < 4 * frame["se"]).all()
    assert ((frame["low"] <= true) & (true <= frame["high"])).mean() > 0.85


def test_the_sample_study_says_where_quality_is_lost(sample):
    truth = pd.read_csv(SAMPLE / "truth_sources.csv")
    truth = truth[(truth["group"] == "measured") & (truth["id"] == "mean")].set_index("what")["value"]
    rows = sample.waterfall.rows("mean").set_index("step")
    for step in ("knowledge", "standards", "delivery", "perception", "customer"):
        assert rows.loc[step, "gap"] == pytest.approx(truth[step], abs=4 * rows.loc[step, "se"]), step
    assert rows["largest"].idxmax() == "delivery"
    known = sample.waterfall.frame.dropna(subset=["share_low"])
    assert ((known["share_low"] <= known["share"]) & (known["share"] <= known["share_high"])).all()
    lacking = sample.not_measured.frame.set_index(["finding", "lacks"])
    assert lacking.loc[("standards", "standard"), "items"] == "RES3, EMP2"
    assert lacking.loc[("delivery", "inspected"), "n_items"] == 6


# --- what is refused, and what is said ----------------------------------------------------------------------


def customers(seed: int = 20) -> Responses:
    return Responses(ratings(np.random.default_rng(seed), 20), SMALL)


def test_what_does_not_fit_is_refused_in_words():
    rng = np.random.default_rng(21)
    believed = ratings(rng, 8, "E")
    five = Responses(believed.clip(1, 5), instrument(1, 5))
    with pytest.raises(SpecError, match="managers answered from 1 to 5, customers from 1 to 7"):
        diagnose(customers(), managers=five)
    strangers = Responses(pd.DataFrame({"E_z1": [1, 2, 3]}), instrument(items=["z1"], name="other"))
    with pytest.raises(SpecError, match="have no item in common"):
        diagnose(customers(), managers=strangers)
    with pytest.raises(SpecError, match="have no item in common"):
        compare_staff(customers(), strangers)
    with pytest.raises(SpecError, match="no expectation answers"):
        diagnose(customers(), managers=Responses(ratings(rng, 8, "P"), SMALL))
    with pytest.raises(SpecError, match="standards names unknown items: 'z1'"):
        diagnose(customers(), standards=ItemLevels.given({"a0": 5, "z1": 4}))
    with pytest.raises(SpecError, match="standards of a0 lie outside 1-7"):
        diagnose(customers(), standards=ItemLevels.given({"a0": 8}))
    with pytest.raises(SpecError, match="kept must be a share per item"):
        diagnose(customers(), standards=ItemLevels.given({"a0": 6}), kept=ItemLevels.given({"a0": 0.7}))
    with pytest.raises(SpecError, match="floor=9"):
        diagnose(customers(), managers=Responses(believed, SMALL), floor=9)
    with pytest.raises(SpecError, match="finding='knowlege' is not known"):
        diagnose(customers(), managers=Responses(believed, SMALL)).sentence("a", "knowlege")
    with pytest.raises(SpecError, match="no gap can be computed"):
        diagnose(Responses(ratings(rng, 9, "E"), SMALL))


def test_staff_must_say_which_store_they_belong_to():
    rng = np.random.default_rng(22)
    clustered = Responses(ratings(rng, 40).assign(store=[*"ABCD"] * 10), SMALL, SampleDesign(clusters="store"))
    with pytest.raises(SpecError, match="customers were sampled by 'store'; the design of the staff names no clusters"):
        compare_staff(clustered, Responses(ratings(rng, 10), SMALL))
    with pytest.raises(SpecError, match="have no form in common"):
        compare_staff(Responses(ratings(rng, 9, "E"), SMALL), Responses(ratings(rng, 9, "P"), SMALL))


def test_unknown_indicators_and_items_are_all_named():
    scores = score_visits(visited())
    with pytest.raises(SpecError, match="'nonsense', 'nothing' are not on the checklist"):
        inspected_items(scores, {"REL1": ["nothing", "waiting"], "REL2": "nonsense"})
    with pytest.raises(SpecError, match="unknown items: 'XYZ'"):
        inspected_items(scores, {"XYZ": "waiting"}, instrument=SCALE)
    with pytest.raises(SpecError, match="at least one indicator"):
        inspected_items(scores, {"REL1": []})


def test_what_was_not_measured_is_listed_with_what_it_needs():
    found = diagnose(customers(), standards=ItemLevels.given({"a0": 5.0, "a1": 6.0}))
    frame = found.not_measured.frame.set_index(["finding", "lacks"])
    assert frame.loc[("knowledge", "believed"), ["items", "needs"]].tolist() == ["all", "believed"]
    assert frame.loc[("standards", "standard"), ["items", "needs"]].tolist() == ["b0, b1", "standard none"]
    assert frame.loc[("delivery", "inspected"), "needs"] == "inspected"
    assert frame.loc[("communication", "promised"), "needs"] == "promised"
    assert "customer" not in frame.index.get_level_values(0)
    assert "mystery visits, and which indicators" in str(found.not_measured)
    assert "神秘顾客检查，并指明各题项对应的检查指标" in str(found.not_measured.in_language("zh"))


def test_expectations_alone_still_tell_what_managers_know():
    rng = np.random.default_rng(24)
    found = diagnose(Responses(ratings(rng, 20, "E"), SMALL), managers=Responses(ratings(rng, 8, "E"), SMALL))
    assert found.findings == ("knowledge",)
    assert found.waterfall is None
    assert ("customer", "perceived") in found.not_measured.frame.set_index(["finding", "lacks"]).index


def test_ranks_across_items_are_scipys_and_come_with_their_caution():
    _, found = everything(25, 0.0)
    wide = found.items.frame.pivot(index="item", columns="finding", values="gap")
    for _, row in found.ranks.frame.iterrows():
        assert row["rho"] == pytest.approx(stats.spearmanr(wide[row["finding"]], wide["customer"]).statistic)
    assert "share −E" in found.ranks.note()
    assert "即使毫无因果也会相关" in found.ranks.in_language("zh").note()
    rng = np.random.default_rng(26)
    few = diagnose(customers(), standards=reviewed(rng, items=["a0", "b0"]), kept=shares(rng, ["a0", "b0"])).ranks.frame
    assert set(few["reason"]) == {"few items"}
    assert few["rho"].isna().all()


ASCII_MARKS = [", ", "; ", ": "]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_speaks_both_languages(language):
    customers_, found = everything(27)
    rng = np.random.default_rng(27)
    staff = compare_staff(customers_, Responses(ratings(rng, 12), SMALL)).in_language(language)
    shown = found.in_language(language)
    texts = [shown.sentence(), *shown.sentences(), shown.sentence("a"), staff.sentence(), staff.sentence("b", "perception"),
             *(each.note() for each in (shown, shown.waterfall, shown.ranks, shown.not_measured, staff)),
             *(each.title() for each in (shown, shown.waterfall, shown.ranks, shown.not_measured, staff))]  # fmt: skip
    for text in texts:
        assert "nan" not in text
        assert "None" not in text
        assert text
        if language == "zh":
            assert not any(mark in text for mark in ASCII_MARKS), text
        else:
            assert not any("\u4e00" <= sign <= "\u9fff" for sign in text), text
    for result in (shown, shown.waterfall, shown.ranks, shown.not_measured, staff, reviewed(rng).in_language(language)):
        assert str(result)
        assert result.to_frame() is not None
        assert all(column.name in result.frame.columns for column in result.columns())


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_waterfall_is_drawn_from_level_to_level(language):
    _, found = everything(28)
    falls = found.in_language(language).waterfall
    ax = falls.plot(new_axes(), key="a")
    rows = falls.rows("a").set_index("step").drop("customer")
    boxes = next(each for each in ax.collections if each.get_label() == "steps").get_paths()
    drawn = sorted((path.get_extents().x0, path.get_extents().x1) for path in boxes)
    assert drawn == [
        pytest.approx(pair)
        for pair in sorted((min(a, b), max(a, b)) for a, b in zip(rows["start"], rows["end"], strict=True))
    ]
    levels = next(each for each in ax.collections if each.get_label() == "levels").get_offsets()
    assert np.asarray(levels)[:, 0].tolist() == pytest.approx([rows["start"].iloc[0], rows["end"].iloc[-1]])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_dimensions_by_gaps_and_staff_are_drawn(language):
    customers_, found = everything(29)
    ax = found.in_language(language).plot(new_axes())
    cells = next(each for each in ax.collections if each.get_label() == "cells")
    assert len(cells.get_array()) == 3 * 6  # two dimensions and the mean by six gaps
    told = found.frame.set_index(["dimension", "finding"])["gap"]
    order = ["knowledge", "standards", "delivery", "communication", "customer", "perception"]
    assert list(cells.get_array()) == pytest.approx(
        [told[name, finding] for name in ("a", "b", "mean") for finding in order]
    )
    staff = compare_staff(customers_, Responses(ratings(np.random.default_rng(29), 12), SMALL)).in_language(language)
    assert len(staff.plot(new_axes()).get_yticklabels()) == 4


# --- what a sum of steps hides, and what chances do not show ------------------------------------------------


def test_what_is_lost_inside_steps_taken_together_is_not_denied():
    """The same customers: without visits standards lose most of what was measured, with them delivery does."""
    rng = np.random.default_rng(77)

    def near(letter: str, level: int, n: int) -> pd.DataFrame:
        return pd.DataFrame({f"{letter}_{item}": np.clip(level + rng.integers(-1, 2, n), 1, 7) for item in ITEMS})

    customers = Responses(pd.concat([near("E", 6, 200), near("P", 5, 200)], axis=1), SMALL)
    asked = {"managers": Responses(near("E", 6, 60), SMALL), "standards": ItemLevels.given(dict.fromkeys(ITEMS, 5.0))}
    kept = ItemLevels.given(dict.fromkeys(ITEMS, 0.5), kind="share")
    lumped, apart = diagnose(customers, **asked).waterfall, diagnose(customers, **asked, kept=kept).waterfall
    assert (
        apart.rows().set_index("step")["gap"].drop("customer").idxmin() == "delivery"
    )  # 1 + .5 (5 - 1) = 3: two points
    said = lumped.sentence()
    assert lumped.rows().set_index("step")["gap"].drop("customer").idxmin() == "standards"
    assert "largest loss" not in said
    assert "Of the parts that were measured, most is most likely lost in standards (chance over 99%)" in said
    assert said.endswith(
        "Delivery and perception were not told apart: one of them alone may lose more, which another makes good."
    )
    assert "hides a loss" in lumped.note()
    zh = lumped.in_language("zh")
    assert "损失最大的环节最可能" not in zh.sentence()
    assert zh.sentence().endswith("交付与感受未能分开：其中一项可能损失更多，而由另一项弥补。")
    assert "standards −1.00, delivery −2.00, perception +1.97" in apart.sentence()
    assert "not told apart" not in apart.sentence()
    assert "hides a loss" not in apart.note()


def test_a_step_is_named_as_the_largest_loss_only_from_three_chances_in_four():
    """The chances stand in the frame: whatever they are, the words keep to them."""
    rng, told = np.random.default_rng(21), {"open": 0, "sure": 0}
    for _ in range(12):
        kept = ItemLevels.given(dict.fromkeys(ITEMS, rng.uniform(0.4, 1)), kind="share")
        fall = diagnose(Responses(ratings(rng, 40), SMALL), managers=Responses(ratings(rng, 12, "E"), SMALL),
                        standards=reviewed(rng), kept=kept).waterfall  # fmt: skip
        chances = fall.rows().set_index("step")["largest"].drop("customer")
        sure = max(chances.max(), 1 - chances.sum()) >= 0.75
        told["sure" if sure else "open"] += 1
        assert ("cannot be told apart" in fall.sentence()) is not sure
        assert ("无法区分" in fall.in_language("zh").sentence()) is not sure
        if not sure:
            assert "most likely" not in fall.sentence()
            assert f"{100 * chances.max():.0f}%" in fall.sentence()
    assert min(told.values()) > 0


@pytest.mark.parametrize("unread", ["managers.csv", pd.DataFrame({"E_a": [1]})], ids=["path", "frame"])
def test_what_was_not_read_is_refused_with_the_verb_that_reads_it(unread: Any):
    customers = Responses(ratings(np.random.default_rng(3), 10), SMALL)
    for name in ("managers", "staff"):
        with pytest.raises(
            SpecError, match=rf"{name}= takes what read_responses\(\) returns, not (the path|a DataFrame)"
        ):
            diagnose(customers, **{name: unread})
    for name in ("standards", "promises"):
        with pytest.raises(SpecError, match=rf"{name}= takes what read_item_levels\(\) returns"):
            diagnose(customers, **{name: unread})
    with pytest.raises(SpecError, match=r"kept= takes what inspected_items\(\) returns"):
        diagnose(customers, kept=unread)
    with pytest.raises(SpecError, match=r"responses= takes what read_responses\(\) returns"):
        diagnose(unread)
    with pytest.raises(SpecError, match=r"staff= takes what read_responses\(\) returns"):
        compare_staff(customers, unread)


def test_inspections_are_spoken_of_only_where_there_are_some():
    rng = np.random.default_rng(4)
    customers = Responses(ratings(rng, 20), SMALL)
    promised = diagnose(customers, managers=Responses(ratings(rng, 8, "E"), SMALL), promises=reviewed(rng))
    for word in ("inspect", "P − D"):
        assert word not in promised.note()
    assert "检查" not in promised.in_language("zh").note()
    kept = ItemLevels.given(dict.fromkeys(ITEMS, 0.5), kind="share")
    visited = diagnose(customers, standards=reviewed(rng), kept=kept)
    assert "P − D is surer than shown" in visited.note()
    assert diagnose(customers, promises=reviewed(rng)).waterfall is None


def test_a_column_that_no_manager_answered_is_said_in_the_table_in_the_note_and_in_sentences():
    rng = np.random.default_rng(71)
    frame = ratings(rng, 8, "E")
    asked_customers, standards = Responses(ratings(rng, 30), SMALL), reviewed(rng)
    empty = diagnose(asked_customers, managers=Responses(frame.assign(E_a1=np.nan), SMALL), standards=standards)
    for finding in ("knowledge", "standards"):
        for table, silent in (("items", {"a1"}), ("dimensions", {"a"}), ("total", {"mean"})):
            rows = at(empty, finding, table).set_index(
                {"items": "item", "dimensions": "dimension", "total": "total"}[table]
            )
            told = rows["reason"] == "no believed"
            assert set(rows.index[told]) == silent == set(rows.index[rows["gap"].isna()])
            assert rows.loc[~told, "gap"].notna().all()
    assert at(empty, "customer", "total")["gap"].notna().all(), "customers did answer"
    chinese = empty.in_language("zh")
    assert empty.dimensions.shown()["remark"].tolist().count("no manager answered every item here") == 2
    assert chinese.dimensions.shown()["备注"].tolist().count("没有管理者答全此处题项") == 2
    assert "no manager answered A1: without it in the managers' instrument" in empty.dimensions.note()
    assert "没有管理者回答题a1：若从管理者所用量表中去掉" in chinese.dimensions.note()
    assert (
        empty.sentence("a", "knowledge")
        == "Side a: no knowledge gap can be given (no manager answered every item here)."
    )
    assert chinese.sentence("a", "knowledge") == "维度a：无法计算认知差距（B − E），没有管理者答全此处题项。"
    assert empty.sentence("a").endswith("Which step loses most can't be told (no manager answered every item here).")
    assert chinese.sentence("a").endswith("无法判断哪一环节损失最大（没有管理者答全此处题项）。")
    # what the note advises: without the item the sums are those of the others
    others = Responses(frame, instrument(items=["a0", "b0", "b1"], name="others"))
    left_out = diagnose(asked_customers, managers=others, standards=standards)
    assert not any(
        "no manager answered" in each.note() for each in (left_out.items, left_out.dimensions, left_out.total)
    )
    rows, kept = at(left_out, "knowledge", "dimensions").set_index("dimension"), asked_customers.frame
    assert rows.loc["a", ["gap", "items"]].tolist() == pytest.approx([frame["E_a0"].mean() - kept["E_a0"].mean(), 1])


def test_managers_who_share_no_complete_row_are_not_taken_for_an_empty_column():
    rng = np.random.default_rng(72)
    frame = ratings(rng, 8, "E")
    frame.loc[:3, "E_a0"] = frame.loc[4:, "E_a1"] = np.nan
    found = diagnose(Responses(ratings(rng, 30), SMALL), managers=Responses(frame, SMALL))
    assert at(found, "knowledge", "items")["gap"].notna().all()
    rows = at(found, "knowledge", "dimensions").set_index("dimension")
    assert rows.loc["a", "reason"] == "no believed"
    assert np.isnan(rows.loc["a", "gap"])
    assert "no manager answered" not in found.dimensions.note()
