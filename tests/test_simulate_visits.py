"""Simulated inspections: the sample files are what the README says, and the stated truth is the truth."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual.benchmark import compare_competitors
from servqual.dependability import dependability
from servqual.mystery import load_checklist
from servqual.mystery.blocks import score_points
from servqual.mystery.points import Answers, PointPlan
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import read_visits
from servqual.simulate import DEFAULT_TRUTH, SAMPLE_SEED, fictional_chain, simulate_study
from servqual.simulate_visits import (
    SAMPLE_VISIT_TRUTH,
    VisitDirt,
    VisitFieldwork,
    VisitTruth,
    _answers,
    _draw,
    _Scored,
    simulate_visits,
    write_visit_sample,
)
from survey_design.errors import DataError, SpecError
from survey_design.visits import audit_visits, plan_visits

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
FILES = ["visits.csv", "competitor_visits.csv", "inspectors.csv", "moves.csv", "truth_visits.csv"]
CHECKLIST = load_checklist("telecom-store")
ITEMS = list(CHECKLIST.columns)
CATEGORIES = [each.id for each in CHECKLIST.categories if not each.module]
BASE = np.array([not CHECKLIST.categories[k].module for k in CHECKLIST.indicator_category])
WEIGHTS = np.array([SAMPLE_VISIT_TRUTH.customer_weights.get(each.id, 0.0) for each in CHECKLIST.indicators])


@pytest.fixture(scope="module")
def study():
    return simulate_study(DEFAULT_TRUTH, SAMPLE_SEED)


@pytest.fixture(scope="module")
def made(study):
    return simulate_visits(study, SAMPLE_SEED)


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(SAMPLE / "truth_visits.csv")


@pytest.fixture(scope="module")
def visits():
    return read_visits(
        SAMPLE / "visits.csv", CHECKLIST, stores=SAMPLE / "stores.csv", faults="set aside", strata="tier"
    )


@pytest.fixture(scope="module")
def covert(visits):
    """Scores of the covert visits that were not discovered and fall into the year."""
    flags = visits.frame["flags"].str.contains("before validity|inspector back|not judged|missing")
    return score_visits(visits.chosen(((visits.frame["mode"] == "covert") & ~flags).to_numpy()))


def true_scores(truth, by, group=None):
    rows = truth[(truth["what"] == "score") & (truth["by"] == by)]
    return (rows if group is None else rows[rows["group"] == group]).set_index("id")["value"]


# --- the committed files -----------------------------------------------------------------------------------


def test_the_committed_files_are_what_the_seed_gives(tmp_path):
    write_visit_sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES), "nothing half-written is left"
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), name


def test_the_files_are_small_utf8_with_plain_line_ends():
    for name in FILES:
        content = (SAMPLE / name).read_bytes()
        assert len(content) < 600_000
        assert b"\r" not in content
        assert not content.startswith(b"\xef\xbb\xbf")
        assert content.decode("utf-8").endswith("\n")


def readme_table(first_heading: str) -> list[list[str]]:
    """The cells of the README's table whose first heading is this one."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", (SAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    tables = [[[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in b.splitlines()] for b in blocks]
    (wanted,) = [table for table in tables if table[0][0] == first_heading]
    return wanted[2:]


def raw(name: str) -> pd.DataFrame:
    head, *rows = csv.reader(io.StringIO((SAMPLE / name).read_text(encoding="utf-8")))
    return pd.DataFrame(rows, columns=head)


@pytest.mark.parametrize("name", FILES)
def test_the_readme_describes_every_column(name):
    described = []
    for row in readme_table(f"column of {name}"):
        assert len(row) == 3
        assert all(row), "name, English, Chinese"
        assert re.search("[一-鿿]", row[2])
        described += ITEMS if row[0] == "{item}" else [row[0]]
    assert described == list(raw(name).columns)


def test_the_readme_counts_every_fault():
    """Counted on the text of the file, and with the answers that the checklist's items take."""
    table, stores = raw("visits.csv"), set(raw("stores.csv")["store"])
    once = table.drop_duplicates("visit")
    answers = once[ITEMS]
    blank, absent = answers == "", answers.isin(["-8", "不适用"])
    odd = [
        np.isnan(item.shares(np.array([float(text)]))[0]) if re.fullmatch(r"-?\d+", text) else True
        for item in CHECKLIST.items
        for text in answers[item.id][~blank[item.id] & ~absent[item.id]]
    ]
    veto = [item.id for item in CHECKLIST.items if item.veto]
    log = once.assign(date=pd.to_datetime(once["date"])).sort_values("date")
    before = log.groupby(["store", "inspector"])["date"].shift()
    early = log["date"] <= before + pd.DateOffset(months=3)
    counts = {
        "rows": len(table),
        "visits": len(once),
        "copy": len(table) - len(once),
        "unknown store": (~once["store"].isin(stores)).sum(),
        "before validity": (once["date"] < "2026-01-01").sum(),
        "back too early": early.sum(),
        "veto not judged": (absent[veto].any(axis=1) & ~absent.all(axis=1)).sum(),
        "nothing applicable": absent.all(axis=1).sum(),
        "blank": int(blank.to_numpy().sum()),
        "wrong": sum(odd),
        "few photos": (once["photos"].astype(int) < 4).sum(),
        "exposed": (once["exposed"] == "yes").sum(),
        "不适用": (answers == "不适用").any(axis=1).sum(),
    }
    assert {row[0]: int(row[-1]) for row in readme_table("fault in visits.csv")} == counts


def test_faults_are_as_many_as_asked_and_found_by_the_reader(visits):
    dirt = VisitDirt()
    with pytest.raises(DataError) as error:
        read_visits(SAMPLE / "visits.csv", CHECKLIST, stores=SAMPLE / "stores.csv")
    assert len(error.value.cases) == dirt.copies + dirt.unknown_stores + len(dirt.wrong)
    found = Counter(flag for flags in visits.frame["flags"] for flag in flags.split("; ") if flag)
    assert found["before validity"] == dirt.early
    assert found["inspector back"] == dirt.back_too_early
    assert found["veto not judged"] == dirt.veto_not_judged
    assert found["answers missing"] == dirt.blanks + len(dirt.wrong)
    assert found["evidence missing"] == dirt.few_photos
    steps = visits.ledger.frame.set_index("step")["n"]
    assert steps["nothing applicable"] == dirt.closed
    assert steps["kept"] == steps["read"] - dirt.copies - dirt.unknown_stores - dirt.closed


def test_each_fault_has_a_visit_of_its_own_and_double_visits_have_none(visits):
    flags = visits.frame["flags"]
    assert not flags.str.contains(";").any()
    assert (flags[visits.frame["double"].notna()] == "").all()
    assert visits.set_aside["double"].isna().all()


def test_the_other_files_are_clean():
    rivals = read_visits(SAMPLE / "competitor_visits.csv", CHECKLIST)
    assert rivals.cases.empty
    assert rivals.n == 200
    assert set(rivals.frame["tier"]) == set(raw("stores.csv")["tier"])
    known = set(raw("inspectors.csv")["inspector"])
    assert set(raw("visits.csv")["inspector"]) == known
    assert set(rivals.frame["inspector"]) <= known
    indicators = {each.id for each in CHECKLIST.indicators}
    assert set(raw("moves.csv")["indicator"]) <= indicators
    assert set(raw("moves.csv")["company"]) <= {"own", *rivals.frame["company"]}


def test_the_readme_states_the_truth(truth):
    rows = readme_table("score")
    effect = truth[(truth["what"] == "effect") & (truth["by"] == "mode")].set_index("id")["value"]
    for name, *numbers in rows:
        if name == "overt less covert":
            values = effect
        elif name == "all stores, covert":
            values = true_scores(truth, "overall")
        else:
            values = true_scores(truth, "tier", name)
        assert [float(number) for number in numbers] == values[["total", *CATEGORIES]].round(1).tolist(), name
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    variance = truth[truth["what"] == "variance"].set_index("id")["value"].round(1)
    assert "stores {store}, inspectors {inspector}, the rest {residual}.".format(**variance) in text
    agency = truth[(truth["what"] == "effect") & (truth["by"] == "agency")]["value"].item()
    assert f"internal agency are {agency:.1f} points kinder" in text
    assert f"is about {agency / 2:.1f} points" in text
    dressed = truth[truth["what"] == "dressed up"]["group"]
    assert f"{', '.join(dressed[:-1])} and {dressed.iloc[-1]}: 18 points" in text


def test_nothing_personal_is_in_the_files():
    assert set(raw("inspectors.csv").columns) == {"inspector", "agency", "home", "capacity", "ties"}
    assert raw("inspectors.csv")["inspector"].str.fullmatch(r"I\d\d").all()


# --- the field ---------------------------------------------------------------------------------------------


def test_the_roster_keeps_every_rule_but_where_a_fault_was_put():
    stores = raw("stores.csv").rename(columns={"region": "area", "monthly_footfall": "traffic"})
    audit = audit_visits(
        raw("visits.csv"),
        stores=stores.astype({"traffic": float}),
        inspectors=pd.read_csv(SAMPLE / "inspectors.csv"),
        start="2026-01",
        months=12,
    )
    dirt = VisitDirt()
    moved = dirt.early + dirt.unknown_stores  # these visits are missing in their month
    expected = {"rotation": dirt.back_too_early, "duplicate": dirt.copies, "unknown_store": dirt.unknown_stores,
                "frequency": moved}  # fmt: skip
    assert Counter(audit.frame["rule"]) == expected


def test_next_years_roster_can_be_planned_from_the_files():
    stores = pd.read_csv(SAMPLE / "stores.csv").rename(columns={"region": "area", "monthly_footfall": "traffic"})
    log = raw("visits.csv")
    plan = plan_visits(
        stores, pd.read_csv(SAMPLE / "inspectors.csv"), start="2027-01", months=3, seed=1,
        previous=log[log["store"].isin(stores["store"])],
    )  # fmt: skip
    assert len(plan.dropped) == 0
    assert len(plan.frame) == 3 * 140


def test_double_visits_are_blind_and_soon(visits):
    frame = visits.frame[visits.frame["double"].notna()].sort_values(["double", "date"])
    pairs = frame.groupby("double")
    assert pairs.size().eq(2).all()
    assert len(pairs) == VisitFieldwork().doubles
    assert pairs["inspector"].nunique().eq(2).all()
    assert pairs["store"].nunique().eq(1).all()
    assert pairs["scenario"].nunique().eq(1).all()
    assert set(frame["mode"]) == {"covert"}
    apart = pairs["date"].agg(lambda dates: (dates.max() - dates.min()).days)
    assert apart.between(1, 3).all()
    second = frame[frame["second_of"].notna() & frame["second_of"].ne("")]
    first = frame.set_index("visit").loc[second["second_of"]]
    assert (first["double"].to_numpy() == second["double"].to_numpy()).all()
    ratings = visits.double_ratings(keep="all").pivot(index="unit", columns="rater", values="value")
    assert (ratings[1] == ratings[2]).mean() > SAMPLE_VISIT_TRUTH.seen_alike


def test_what_does_not_apply_follows_the_scenario(made):
    enquiry = made.visits["scenario"] == "enquiry"
    bought = made.visits[list(SAMPLE_VISIT_TRUTH.purchases_only)] != "-8"
    assert not bought[enquiry].any(axis=None)
    assert bought[~enquiry].all(axis=None)
    share = made.visits["complaint_taken"].ne("-8").mean()
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / len(made.visits)))


def test_the_same_seed_gives_the_same_visits_and_another_others(study):
    field = VisitFieldwork(months=2, doubles=5)
    one, again, other = (simulate_visits(study, seed, fieldwork=field) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one.visits, again.visits)
    assert not one.visits[ITEMS].equals(other.visits[ITEMS])


# --- answers and their truth -------------------------------------------------------------------------------


@pytest.mark.parametrize("item", CHECKLIST.items, ids=ITEMS)
@pytest.mark.parametrize("q", [0.05, 0.35, 0.6, 0.9])
def test_an_answer_is_valid_and_expects_its_share(item, q):
    written, earned = _draw(item, np.full(20_000, q), np.random.default_rng(1))
    shares = item.shares(written)
    np.testing.assert_allclose(shares, earned, atol=1e-12)
    assert shares.mean() == pytest.approx(q, abs=4 * shares.std() / np.sqrt(len(shares)))


def test_the_stated_truth_is_what_many_visits_find(made):
    """Scores of drawn answers against the expectations: every indicator of some stores, 600 times by every inspector."""
    rng = np.random.default_rng(8)
    table = made.truth_table()
    for place in (0, 20, 60, 100, 119):
        n = 24 * 250
        rows = pd.DataFrame({"place": place, "who": np.arange(n) % 24, "mode": "covert", "exposed": False,
                             "date": np.datetime64("2026-01-01") + rng.integers(0, 365, n),
                             "occasion": rng.uniform(-1, 1, n),
                             "scenario": rng.choice(["enquiry", "real_purchase"], n, p=[0.4, 0.6])})  # fmt: skip
        _, earned = _answers(made.expected, rows, rng)
        points = score_points(PointPlan.of(CHECKLIST), Answers.of(earned))
        own = table[(table["what"] == "score") & (table["group"] == made.stores["store"][place])].set_index("id")
        for k, indicator in enumerate(CHECKLIST.indicators):
            if indicator.id not in own.index:
                continue
            for column, scores in (("value", points.final), ("raw", points.raw)):
                found = scores.indicator[:, k][~np.isnan(scores.indicator[:, k])]
                error = found.std() / np.sqrt(len(found))
                assert found.mean() == pytest.approx(own.loc[indicator.id, column], abs=4.5 * error + 0.15)
        total = points.final.total[:, 0]
        assert total.mean() == pytest.approx(own.loc["total", "value"], abs=4.5 * total.std() / np.sqrt(n) + 0.15)


def test_customers_weigh_qualities_as_stated(study):
    """All that customers see can be seen by inspectors: the weighted qualities are the ratings themselves."""
    plain = replace(SAMPLE_VISIT_TRUTH, shared=1.0, dressed_up=0.0, store_sd=3.0)
    made = simulate_visits(study, 2, truth=plain, fieldwork=VisitFieldwork(months=1, doubles=0))
    own = made.quality[: len(made.ratings)]
    inside = ((own > 15) & (own < 96) | (WEIGHTS == 0) | (np.arange(own.shape[1]) == 9)).all(axis=1)
    assert inside.sum() > 100
    np.testing.assert_allclose((own @ WEIGHTS)[inside], made.ratings[inside], atol=1e-9)


@pytest.fixture(scope="module")
def many():
    """2,400 stores: twenty chains below each other."""
    chains = [fictional_chain(seed).assign(store=lambda frame, k=seed: frame["store"] + f"-{k}") for seed in range(20)]
    study = simulate_study(DEFAULT_TRUTH, 3, chain=pd.concat(chains, ignore_index=True))
    field = VisitFieldwork(months=1, doubles=0)
    return study, simulate_visits(study, 3, truth=replace(SAMPLE_VISIT_TRUTH, dressed_up=0.0), fieldwork=field)


def test_regression_on_true_qualities_finds_the_customers_weights(many):
    """Ordinary least squares within tiers, no constraint: another way than that of `index_weights`."""
    study, made = many
    tier = pd.get_dummies(study.stores["tier"]).to_numpy(float)
    x = np.column_stack([made.quality[: len(tier), BASE], tier])
    gram = np.linalg.inv(x.T @ x)
    found = gram @ x.T @ made.ratings
    left = made.ratings - x @ found
    error = np.sqrt(left @ left / (len(x) - x.shape[1]) * np.diag(gram))
    z = (found[: BASE.sum()] - WEIGHTS[BASE]) / error[: BASE.sum()]
    assert abs(z).max() < 4
    assert found[: BASE.sum()].sum() == pytest.approx(1, abs=0.06)


def test_inspections_see_the_stated_part_of_the_differences(many):
    study, made = many
    seen = pd.Series(made.quality[: len(made.ratings)] @ WEIGHTS)
    tier = study.stores["tier"]
    apart = [values - values.groupby(tier).transform("mean") for values in (seen, pd.Series(made.ratings))]
    squared = np.corrcoef(*apart)[0, 1] ** 2
    assert squared == pytest.approx(SAMPLE_VISIT_TRUTH.shared, abs=0.04)


def test_the_luck_of_inspections_is_not_that_of_the_study(made, study):
    """With the same seed for both, what inspections miss has nothing to do with what customers see of a store."""
    seen = made.quality[: len(made.ratings)] @ WEIGHTS
    tier = study.stores["tier"]
    dressed = study.stores["store"].isin(made.dressed_up)
    means = pd.Series(made.ratings).groupby(tier).transform("mean")
    missed = (made.ratings - seen)[~dressed]
    assert stats.pearsonr(missed, (made.ratings - means)[~dressed]).statistic < 0.8
    assert missed.std() > 1


def test_two_stores_are_dressed_up(made, truth):
    seen = made.quality[: len(made.ratings)] @ WEIGHTS - made.ratings
    highest = made.stores["store"][np.argsort(seen)[-2:]]
    assert set(highest) == set(made.dressed_up) == set(truth.loc[truth["what"] == "dressed up", "group"])


# --- estimates recover the truth ---------------------------------------------------------------------------


def test_intervals_of_scores_cover_the_truth(covert, truth):
    frame = covert.frame[covert.frame["part"] != "item"].set_index("id")
    true = true_scores(truth, "overall")[frame.index]
    assert ((frame["low"] <= true) & (true <= frame["high"])).mean() >= 0.9
    assert abs((frame["score"] - true) / frame["se"]).max() < 3.5
    total = frame.loc["total"]
    assert total["low"] <= true["total"] <= total["high"]


def test_intervals_of_single_stores_cover_the_truth(covert, truth):
    """About 95 of 100, for every store by itself; 120 stores may lie between 0.88 and 1."""
    stores = score_visits(covert.visits, by="store").frame.query("id == 'total'").set_index("store")
    true = truth.query("what == 'score' and by == 'store' and id == 'total'").set_index("group")["value"]
    true = true[stores.index]
    assert len(stores) == 120
    assert ((stores["low"] <= true) & (true <= stores["high"])).mean() >= 0.88
    assert np.corrcoef(stores["score"], true)[0, 1] > 0.9


def test_vetoes_take_what_they_should(covert, truth):
    rows = truth.query("what == 'score' and by == 'overall'").set_index("id")
    lost = covert.frame.set_index("id").loc[["affinity", "fair_charging", "total"], "lost"]
    assert np.allclose(lost, (rows["raw"] - rows["value"])[lost.index], atol=[0.5, 1.7, 0.2])


def test_effects_of_mode_and_agency_are_found(visits, truth):
    scores = score_visits(visits)
    effects = truth[truth["what"] == "effect"].set_index(["by", "id"])["value"]
    for by, first, second in (("mode", "overt", "covert"), ("agency", "internal", "third_party")):
        found = scores.differences(by).frame
        row = found[found["id"] == "total"].iloc[0]
        sign = 1 if row[by] == first else -1
        assert {row[by], row["against"]} == {first, second}
        assert row["low"] <= sign * effects[by, "total"] <= row["high"]


def test_variance_components_are_found(covert, truth):
    true = truth[truth["what"] == "variance"].set_index("id")["value"]
    found = dependability(covert.per_visit(), score="final")
    frame = found.frame.set_index("component")
    for name, of in (("objects", "store"), ("inspectors", "inspector")):
        assert frame.loc[name, "low"] <= true[of] <= frame.loc[name, "high"]
    rest = frame["variance"].drop(["objects", "inspectors"]).sum()
    assert rest == pytest.approx(true["residual"], rel=0.15)
    severity = truth[truth["what"] == "severity"].set_index("group")["value"]
    shown = found.severity().frame.set_index("inspector")
    inside = (shown["low"] <= severity[shown.index]) & (severity[shown.index] <= shown["high"])
    assert inside.mean() >= 0.8
    assert np.corrcoef(shown["effect"], severity[shown.index])[0, 1] > 0.8


def test_differences_from_rivals_are_found_within_the_agency(visits, truth):
    rivals = read_visits(SAMPLE / "competitor_visits.csv", CHECKLIST)
    alike = visits.chosen(((visits.frame["mode"] == "covert") & (visits.frame["agency"] == "third_party")).to_numpy())
    found = compare_competitors(alike, rivals).frame
    true = truth[truth["what"] == "difference"].set_index(["group", "id"])["value"]
    expected = np.array([true[row.company, row.id] for row in found.itertuples()])
    inside = (found["low"] <= expected) & (expected <= found["high"])
    assert inside.mean() >= 0.88
    strong = found[(found["company"] == "rival_a") & (found["id"] == "demonstration")].iloc[0]
    assert strong["high"] < 0, "10 points are seen"


def test_a_move_changes_what_it_says(covert, made):
    greeting = covert.per_visit().set_index("date")["indicator:greeting"].sort_index()
    before, after = greeting[:"2026-05-31"], greeting["2026-06-01":]
    test = stats.ttest_ind(after, before, equal_var=False).confidence_interval()
    move = next(move for move in made.truth.moves if move.company == "own")
    assert test.low <= move.effect <= test.high


def test_over_many_years_the_estimates_miss_by_chance_alone(study):
    """Scores of three simulated half-years: distances from their truth in standard errors are like those of chance.

    The truth is that of the mean of all inspectors and days; stores see half of the inspectors each.
    """
    field = VisitFieldwork(months=6, doubles=0, exposed_share=0.0, overt_share=0.0)
    still = replace(SAMPLE_VISIT_TRUTH, moves=())
    z = []
    for seed in range(3):
        made = simulate_visits(study, seed, truth=still, fieldwork=field)
        expected = _Scored.of(made, "covert")
        true = pd.DataFrame(expected.final, columns=expected.names, index=made.stores["store"])
        scores = score_visits(read_visits(made.visits, CHECKLIST)).per_visit()
        for indicator in CHECKLIST.indicators:
            missed = scores[f"indicator:{indicator.id}"] - true.loc[scores["store"], indicator.id].to_numpy()
            means = missed.groupby(scores["inspector"]).mean()
            z.append(means.mean() / (means.std() / np.sqrt(len(means))))
    assert abs(np.mean(z)) < 4 / np.sqrt(3), "indicators of one year share their inspectors"
    assert np.mean(np.abs(z) < 2.07) >= 0.9


def test_another_checklist_and_another_length_can_be_simulated(study):
    checklist = load_checklist("home-installation")
    names = [each.id for each in checklist.indicators]
    plain = SAMPLE_VISIT_TRUTH
    weights = dict.fromkeys(names, 1 / len(names))
    own = VisitTruth(weights, levels={}, charging=plain.charging, violation=plain.violation, overt={})
    made = simulate_visits(study, 1, truth=own, checklist=checklist, fieldwork=VisitFieldwork(months=2, doubles=8))
    visits = read_visits(made.visits, checklist)
    assert visits.cases["problem"].str.contains("before the checklist|after the checklist|exposed").all()
    assert visits.n == len(made.visits)
    assert len(made.competitors) == 0


# --- bad input ---------------------------------------------------------------------------------------------


def test_weights_that_do_not_sum_to_one_are_refused():
    some = dict.fromkeys(["greeting", "waiting"], 0.45)
    with pytest.raises(SpecError, match=r"sum to 0\.9"):
        replace(SAMPLE_VISIT_TRUTH, customer_weights=some)
    with pytest.raises(SpecError, match="none below 0"):
        replace(SAMPLE_VISIT_TRUTH, customer_weights={"greeting": 1.5, "waiting": -0.5})
    with pytest.raises(SpecError, match="seen_alike=2"):
        replace(SAMPLE_VISIT_TRUTH, seen_alike=2)


def test_a_truth_about_another_checklist_is_refused(study):
    with pytest.raises(SpecError, match=r"greetings.*telecom-store"):
        simulate_visits(study, 1, truth=replace(SAMPLE_VISIT_TRUTH, levels={"greetings": 3}))


def test_inspectors_are_spread_over_regions_and_agencies(study):
    with pytest.raises(SpecError, match="multiple of 8"):
        simulate_visits(study, 1, fieldwork=VisitFieldwork(inspectors=10))


def test_the_truth_is_a_frozen_value():
    assert isinstance(SAMPLE_VISIT_TRUTH, VisitTruth)
    with pytest.raises(AttributeError):
        SAMPLE_VISIT_TRUTH.shared = 0.5  # type: ignore[misc]
