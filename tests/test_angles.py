"""Three angles: expected, delivered and perceived of a store are the means of its own rows, and so are their differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual import SampleDesign, load_instrument, read_responses, score_gaps
from servqual.angles import PAIRS, three_angles
from servqual.inspections import load_checklist
from servqual.mystery import read_visits, score_visits
from survey_design.errors import DataError, SpecError

SCALE = load_instrument("servqual-22")
CHECKLIST = load_checklist("telecom-store")


def rated(form, where, n, rng, level, **columns):
    """Answers of n people in each store or region."""
    rows = []
    for name in where:
        for _ in range(n):
            answers = rng.integers(level - 2, level + 2, 22).clip(1, 7)
            rows.append({**columns.get("each", {}), where.name: name,
                         **dict(zip(SCALE.columns(form).values(), answers, strict=True))})  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def study():
    """Three stores in two regions, visited and rated."""
    rng = np.random.default_rng(4)
    stores = pd.Series(["A", "B", "C"], name="store")
    region = {"A": "east", "B": "east", "C": "west"}
    perceived = rated("perception", stores, 12, rng, 5)
    perceived["region"] = perceived["store"].map(region)
    expected = rated("expectation", pd.Series(["east", "west"], name="region"), 15, rng, 6)
    visits = pd.read_csv("data/sample/visits.csv", dtype=str).head(24)
    visits = visits.assign(store=[*"ABC"] * 8, mode="covert", double=None, second_of=None)
    return expected, perceived, read_visits(visits, CHECKLIST, faults="set aside")


@pytest.fixture(scope="module")
def sides(study):
    expected, perceived, visits = study
    answers = read_responses(expectation=read_responses(expected, SCALE), perception=read_responses(perceived, SCALE))
    return answers, score_visits(visits, by="store", exposed="in")


@pytest.fixture(scope="module")
def found(sides):
    return three_angles(*sides, match="region")


def own(frame, form):
    """The mean of the dimensions of every respondent, computed from the columns' names alone."""
    names = SCALE.columns(form)
    parts = {
        d.id: frame[[names[i.id] for i in SCALE.items if i.dimension == d.id]].mean(axis=1) for d in SCALE.dimensions
    }
    return 100 * (pd.DataFrame(parts).mean(axis=1) - 1) / 6


def test_every_angle_is_the_mean_of_its_own_rows(study, found):
    expected, perceived, visits = study
    rows = found.frame.set_index("store")
    per_visit = score_visits(visits, exposed="in").per_visit()
    for store, region in {"A": "east", "B": "east", "C": "west"}.items():
        e = own(expected[expected["region"] == region], "expectation")
        p = own(perceived[perceived["store"] == store], "perception")
        d = per_visit.loc[per_visit["store"] == store, "final"]
        assert np.allclose(
            rows.loc[store, ["expected", "delivered", "perceived"]].astype(float), [e.mean(), d.mean(), p.mean()]
        )
        assert rows.loc[store, ["n_expected", "n_delivered", "n_perceived"]].tolist() == [15, len(d), 12]
        for name, values in (("expected", e), ("delivered", d), ("perceived", p)):
            low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
            assert np.allclose(rows.loc[store, [f"{name}_low", f"{name}_high"]].astype(float), [low, high]), name


def test_gaps_are_welchs_tests_of_independent_samples(study, found):
    expected, perceived, visits = study
    per_visit = score_visits(visits, exposed="in").per_visit()
    rows = found.frame.set_index("store")
    e = own(expected[expected["region"] == "west"], "expectation")
    p = own(perceived[perceived["store"] == "C"], "perception")
    d = per_visit.loc[per_visit["store"] == "C", "final"]
    for pair, (first, second) in {
        "delivered_expected": (d, e),
        "perceived_delivered": (p, d),
        "perceived_expected": (p, e),
    }.items():
        test = stats.ttest_ind(first, second, equal_var=False)
        interval = test.confidence_interval(0.95)
        told = rows.loc["C", [pair, f"{pair}_p", f"{pair}_low", f"{pair}_high"]].astype(float)
        assert np.allclose(told, [first.mean() - second.mean(), test.pvalue, interval.low, interval.high]), pair


def test_gaps_add_up_and_are_those_of_score_gaps(sides, found):
    frame = found.frame
    assert np.allclose(frame["perceived_expected"], frame["delivered_expected"] + frame["perceived_delivered"])
    total = score_gaps(sides[0], by="store", match="region", adjust="none").total.frame
    total = total[total["total"] == "mean"].set_index("store").loc[frame["store"]]
    for ours, theirs in {"": "gap", "_low": "low", "_high": "high", "_df": "df", "_p": "p"}.items():
        scale = 1 if ours in ("_df", "_p") else 100 / 6
        assert np.allclose(frame[f"perceived_expected{ours}"], total[theirs] * scale)


def test_p_is_corrected_over_the_stores_of_one_kind_of_gap(found):
    from statsmodels.stats.multitest import multipletests

    for pair in PAIRS:
        assert np.allclose(found.frame[f"{pair}_p_adjusted"], multipletests(found.frame[f"{pair}_p"], method="holm")[1])


def test_one_dimension_and_one_category(sides):
    part = three_angles(*sides, match="region", dimension="reliability", measure="process")
    scores = sides[1].frame
    process = scores[(scores["id"] == "process") & (scores["part"] == "category")].set_index("store")["score"]
    assert np.allclose(part.frame["delivered"], process.loc[part.frame["store"]])
    assert "Process" in part.note()
    assert "Reliability" in part.note()


def test_fixed_levels_have_no_error(study, sides):
    fixed = three_angles(read_responses(study[1], SCALE), sides[1], expected=6.0)
    assert np.allclose(fixed.frame[["expected", "expected_low", "expected_high"]], 100 * 5 / 6)
    assert (fixed.frame["n_expected"] == 0).all()
    width = fixed.frame["perceived_expected_high"] - fixed.frame["perceived_expected_low"]
    assert np.allclose(width, fixed.frame["perceived_high"] - fixed.frame["perceived_low"])


def test_the_same_people_said_both(sides):
    rng = np.random.default_rng(1)
    stores = pd.Series(["A", "B", "C"], name="store")
    both = rated("perception", stores, 9, rng, 5)
    for item, column in SCALE.columns("expectation").items():
        both[column] = (both[SCALE.columns("perception")[item]] + rng.integers(0, 2, len(both))).clip(1, 7)
    paired = three_angles(read_responses(both, SCALE), sides[1])
    difference = own(both, "perception") - own(both, "expectation")
    for store, rows in difference.groupby(both["store"]):
        told = paired.frame.set_index("store").loc[store]
        test = stats.ttest_1samp(rows, 0)
        assert np.allclose([told["perceived_expected"], told["perceived_expected_p"]], [rows.mean(), test.pvalue])


def test_a_store_that_lacks_an_angle_is_listed_and_not_shown(study, sides):
    answers, scores = sides
    kept = scores.visits.chosen((scores.visits.frame["store"] != "B").to_numpy())
    found = three_angles(answers, score_visits(kept, by="store", exposed="in"), match="region")
    assert found.frame["store"].tolist() == ["A", "C"]
    assert found.unmatched["store"].tolist() == ["B"]
    assert "1 store lacks an angle and is not shown" in found.note()
    assert "1 家门店缺少某一角度" in found.in_language("zh").note()


def test_sentences_in_both_languages(found):
    assert found.sentence().startswith("Of 3 stores, customers perceive less than is expected in ")
    assert found.in_language("zh").sentence().startswith("3 家门店中，")
    one, zh = found.sentence("A"), found.in_language("zh").sentence("A")
    assert one.startswith("A: expected ")
    assert "perceived − delivered" in one
    assert zh.startswith("A：期望 ")
    assert not set(",;:()") & set(zh)
    assert "70 of an inspection is not 70 of a rating" in found.note()


def test_one_visit_leaves_no_error_and_says_so(sides):
    answers, scores = sides
    frame = scores.visits.frame
    first = ~frame["store"].eq("A") | ~frame["store"].duplicated()
    found = three_angles(
        answers, score_visits(scores.visits.chosen(first.to_numpy()), by="store", exposed="in"), match="region"
    )
    row = found.frame.set_index("store").loc["A"]
    assert np.isnan(row[["delivered_low", "delivered_expected_low", "perceived_delivered_p"]].astype(float)).all()
    assert np.isfinite(row["perceived_expected_low"])
    assert row["reason"] == "one visit"
    assert "one visit, or all alike" in found.sentence("A")


def test_what_cannot_be_compared_is_refused(study, sides):
    answers, scores = sides
    with pytest.raises(SpecError, match="split by the store alone"):
        three_angles(answers, score_visits(scores.visits))
    alone = read_responses(study[1], SCALE)
    with pytest.raises(SpecError, match="nothing says what is expected"):
        three_angles(alone, scores)
    with pytest.raises(SpecError, match="dimension='speed' is not known"):
        three_angles(answers, scores, dimension="speed")
    with pytest.raises(SpecError, match="measure='speed' is not known"):
        three_angles(answers, scores, measure="speed")
    other = replace(scores.visits, frame=scores.visits.frame.assign(store="Z"))
    elsewhere = score_visits(other, by="store", exposed="in")
    with pytest.raises(DataError, match="no store has all three angles"):
        three_angles(answers, elsewhere, match="region")
    expected, perceived, _ = study
    two = perceived.assign(region=["east", "west"] * (len(perceived) // 2))
    torn = read_responses(expectation=read_responses(expected, SCALE), perception=read_responses(two, SCALE))
    with pytest.raises(DataError, match=r"3 of 'store' lie in several values of 'region' \(A, B, C\)"):
        three_angles(torn, scores, match="region")


def test_the_picture_has_a_mark_for_every_angle(found):
    from servqual.plots import new_axes

    for language in ("en", "zh"):
        ax = found.in_language(language).plot(new_axes())
        marks = {
            c.get_label(): len(c.get_offsets())
            for c in ax.collections
            if c.get_label() in ("expected", "delivered", "perceived")
        }
        assert marks == {"expected": 3, "delivered": 3, "perceived": 3}
        assert [label.get_text() for label in ax.get_yticklabels()] == found.frame.sort_values("perceived_expected")[
            "store"
        ].tolist()


def test_the_sample_study_is_near_its_truth():
    """Delivered within what chance leaves: 95% intervals of 40 stores hold the truth about 38 times."""
    perceived = read_responses(
        "data/sample/intercept.csv", SCALE, SampleDesign(strata="tier", clusters="store", weight="weight"),
        dont_know=[99], missing_codes=[-9], faults="set aside",
    )  # fmt: skip
    expected = read_responses("data/sample/expectation.csv", SCALE, SampleDesign(strata="region", weight="weight"))
    visits = read_visits("data/sample/visits.csv", CHECKLIST, faults="set aside", stores="data/sample/stores.csv")
    covert = visits.chosen((visits.frame["mode"] == "covert").to_numpy())
    answers = read_responses(expectation=expected, perception=perceived)
    found = three_angles(answers, score_visits(covert, by="store"), within="tier", match="region")
    truth = pd.read_csv("data/sample/truth_visits.csv")
    truth = truth[(truth["what"] == "score") & (truth["by"] == "store") & (truth["id"] == "total")].set_index("group")[
        "value"
    ]
    true = found.frame["store"].map(truth)
    inside = (found.frame["delivered_low"] <= true) & (true <= found.frame["delivered_high"])
    assert len(found.frame) == 40
    assert inside.sum() >= stats.binom.ppf(0.001, 40, 0.95)
    dressed = pd.read_csv("data/sample/truth_visits.csv").query("what == 'dressed up'")["group"].tolist()
    worst = found.frame.nsmallest(5, "perceived_delivered")["store"].tolist()
    assert len(dressed) == 2
    assert set(dressed) <= set(worst), "stores that dress up for inspectors are among the widest gaps of 40"
