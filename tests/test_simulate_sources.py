"""Simulated sources: the sample files are what the README says, and the stated truth is the truth."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual.diagnosis import ItemLevels, diagnose, read_item_levels
from servqual.instruments import load_instrument
from servqual.mystery import load_checklist
from servqual.privacy import mask_text
from servqual.responses import SampleDesign, read_responses
from servqual.simulate import DEFAULT_TRUTH, SAMPLE_SEED, simulate_study
from servqual.simulate_sources import (
    SAMPLE_SOURCE_TRUTH,
    ComplaintDirt,
    Handling,
    SourceFieldwork,
    complaints_expected,
    sample_actions,
    simulate_sources,
    soiled_complaints,
    source_texts,
    write_source_sample,
)
from survey_design.errors import SpecError

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
FILES = [
    *("managers.csv", "staff.csv", "standards.csv", "promises.csv", "complaints.csv", "experts.csv", "weak_links.csv"),
    *("actions.csv", "truth_sources.csv"),
]
INSTRUMENT = load_instrument("servqual-22")
ITEMS = [item.id for item in INSTRUMENT.items]
DIMENSIONS = [dimension.id for dimension in INSTRUMENT.dimensions]
DIMENSION = {item.id: item.dimension for item in INSTRUMENT.items}
TRUTH = SAMPLE_SOURCE_TRUTH
MANY = SourceFieldwork(managers=8_000, staff=400, reviewers=8_000, promise_reviewers=8_000, experts=8_000, raters=8_000)


@pytest.fixture(scope="module")
def study():
    return simulate_study(DEFAULT_TRUTH, SAMPLE_SEED)


@pytest.fixture(scope="module")
def made(study):
    return simulate_sources(study, SAMPLE_SEED)


@pytest.fixture(scope="module")
def large(study):
    """So many people and complaints that chance hardly counts."""
    return simulate_sources(study, 3, truth=replace(TRUTH, complaint_rate=300.0), fieldwork=MANY)


@pytest.fixture(scope="module")
def visit_truth():
    return pd.read_csv(SAMPLE / "truth_visits.csv")


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(SAMPLE / "truth_sources.csv")


def items_of(truth, what, by="item", group="all"):
    rows = truth[(truth["what"] == what) & (truth["by"] == by) & (truth["group"] == group)]
    return rows.set_index("id")["value"]


def near(estimate, true, se, most=4.5):
    """All estimates within so many standard errors; where they are many, not suspiciously exact either."""
    z = (np.asarray(estimate) - np.asarray(true)) / np.asarray(se)
    assert np.abs(z).max() < most
    assert z.size < 20 or 0.3 < np.sqrt(np.mean(z**2)) < 2


# --- the committed files -----------------------------------------------------------------------------------


def test_the_committed_files_are_what_the_seed_gives(tmp_path):
    write_source_sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES), "nothing half-written is left"
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), name


def test_the_files_are_small_utf8_with_plain_line_ends():
    for name in FILES:
        content = (SAMPLE / name).read_bytes()
        assert len(content) < 100_000
        assert b"\r" not in content
        assert not content.startswith(b"\xef\xbb\xbf")
        assert content.decode("utf-8").endswith("\n")


def readme_table(first_heading: str) -> list[list[str]]:
    """The cells of the README's table whose first heading is this one."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", (SAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    tables = [[[cell.strip(" `*") for cell in line.strip("|\n").split("|")] for line in b.splitlines()] for b in blocks]
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
        many = {"{item}": ITEMS, "{dimension}": DIMENSIONS}
        placeholder = next((key for key in many if key in row[0]), "")
        described += [row[0].replace(placeholder, one) for one in many[placeholder]] if placeholder else [row[0]]
    assert described == list(raw(name).columns)


def test_the_readme_counts_every_fault():
    table = raw("complaints.csv")
    once = table.drop_duplicates("complaint")
    counts = {
        "rows": len(table),
        "complaints": len(once),
        "copy": len(table) - len(once),
        "unknown store": (~once["store"].isin(raw("stores.csv")["store"])).sum(),
        "unknown item": (~once["item"].isin([*ITEMS, ""])).sum(),
        "no item": (once["item"] == "").sum(),
        "solved too early": ((once["solved"] != "") & (once["solved"] < once["received"])).sum(),
        "open": (once["solved"] == "").sum(),
        "no promise": (once["promised"] == "").sum(),
        "telephone number": once["text"].str.contains("13800000000").sum(),
        "e-mail address": once["text"].str.contains("@example.com").sum(),
        "hostile": once["text"].str.match(r"[=@+<]").sum(),
    }
    assert {row[0]: int(row[-1]) for row in readme_table("fault in complaints.csv")} == counts
    dirt = ComplaintDirt()
    assert [counts[name] for name in ("copy", "unknown store", "unknown item", "no item", "solved too early")] == [
        *(dirt.copies, dirt.unknown_stores, dirt.unknown_items, dirt.no_item, dirt.solved_too_early)
    ]


def test_each_fault_has_a_complaint_of_its_own(made):
    soiled, clean = soiled_complaints(made, ComplaintDirt(), 1), made.complaints.set_index("complaint")
    changed = (soiled.drop_duplicates("complaint").set_index("complaint") != clean).sum(axis=1)
    assert changed.max() == 1
    copied = soiled.loc[soiled["complaint"].duplicated(), "complaint"]
    assert not changed[copied].any()


def test_the_readme_states_the_truth(truth):
    for name, *numbers in readme_table("gap"):
        for what, number in zip(
            ("knowledge", "standards", "delivery", "perception", "customer", "communication"), numbers, strict=True
        ):
            value = items_of(truth, what, "total" if name == "mean" else "dimension", "measured")[name]
            assert float(number.replace("−", "-")) == round(value, 2), (name, what)
    text = " ".join((SAMPLE / "README.md").read_text(encoding="utf-8").split())
    kept = truth[truth["what"] == "promise_kept"].set_index("group")["value"]
    assert f"{100 * kept['overall']:.0f}% of the promises given to customers are kept" in text
    assert f"after-sales {100 * kept['after_sales']:.0f}%" in text
    assert f"{100 * items_of(truth, 'kept')['REL4']:.0f}% of the standard is kept" in text
    rates = truth[truth["what"] == "complaint_rate"].set_index("group")["value"]
    for tier, word in (
        ("flagship_core", "flagship core"),
        ("first_tier", "first-tier"),
        ("cooperative", "cooperative"),
    ):
        assert re.search(rf"{rates[tier]:.1f} (a year )?in {word}", text)
    links = truth[truth["what"] == "link_rating"].set_index("id")["value"].sort_values()
    assert links.index[:2].tolist() == ["promises", "pressure"]
    assert all(f"({value:.2f})" in text for value in links[:2])
    assert f"cost CNY {sample_actions()['cost'].sum():,}" in text


def test_nothing_personal_but_what_must_be_masked():
    texts = raw("complaints.csv")["text"]
    found = set(re.findall(r"\d{7,}|\S+@\S+\.com", " ".join(texts)))
    assert {re.sub(r"\W+$", "", each) for each in found} == {"13800000000", "customer@example.com"}
    masked = [mask_text(text) for text in texts]
    assert not any("13800000000" in text or "customer@example.com" in text for text in masked)


# --- the truth ---------------------------------------------------------------------------------------------


def test_the_gaps_add_up(truth):
    for by, group in (("item", "all"), ("dimension", "measured"), ("total", "measured")):
        gaps = {
            name: items_of(truth, name, by, group)
            for name in ("knowledge", "standards", "delivery", "perception", "customer", "communication")
        }
        summed = gaps["knowledge"] + gaps["standards"] + gaps["delivery"] + gaps["perception"]
        measured = summed.dropna().index
        assert len(measured) == {"item": 15, "dimension": 5, "total": 1}[by]
        np.testing.assert_allclose(
            summed[measured], gaps["customer"][measured], atol=3e-4
        )  # written with four decimals
        levels = {name: items_of(truth, name, by, group) for name in ("delivered", "promised")}
        both = gaps["communication"].index
        if by == "item":
            np.testing.assert_allclose(
                gaps["communication"], (levels["delivered"] - levels["promised"])[both], atol=2e-4
            )


def test_delivered_keeps_the_stated_share_of_the_standard(truth, visit_truth):
    kept, standard, delivered = (items_of(truth, name) for name in ("kept", "standard", "delivered"))
    both = kept.index.intersection(standard.index)
    np.testing.assert_allclose(delivered[both], 1 + kept[both] * (standard[both] - 1), atol=3e-4)
    scores = visit_truth.query("what == 'score' and by == 'overall'").set_index("id")["value"]
    assert kept["REL5"] == pytest.approx(scores["after_sales"] / 100, abs=1e-4)
    assert kept["EMP1"] == pytest.approx((scores["affinity"] + scores["greeting"]) / 200, abs=1e-4)
    assert set(kept.index) == set(TRUTH.indicators)


def test_expected_and_perceived_are_those_of_the_surveys(truth):
    survey = pd.read_csv(SAMPLE / "truth.csv").query("by == 'overall'").set_index("id")
    for name, column in (
        ("expected", "expectation"),
        ("perceived", "perception_these_stores"),
        ("customer", "gap_these_stores"),
    ):
        for by, ids in (("item", ITEMS), ("dimension", DIMENSIONS), ("total", ["mean"])):
            np.testing.assert_allclose(items_of(truth, name, by)[ids], survey.loc[ids, column], atol=2e-4)


def test_the_story_is_in_the_truth(truth):
    knowledge = items_of(truth, "knowledge", "dimension")
    assert knowledge["tangibles"] > 0.3
    assert knowledge[["reliability", "responsiveness"]].max() < -0.3
    assert (items_of(truth, "delivery", "dimension") < -1).all()
    assert items_of(truth, "staff_knowledge", "dimension").abs().max() < knowledge.abs().max()
    assert items_of(truth, "staff_perception", "dimension").drop("tangibles").min() > 0.3
    assert sorted(set(ITEMS) - set(items_of(truth, "standard").index)) == ["EMP2", "RES3"]
    assert sorted(set(ITEMS) - set(items_of(truth, "kept").index)) == ["ASS4", "EMP4", "EMP5", "REL2", "RES3", "RES4"]


def test_levels_are_means_of_rounded_normals_by_scipy():
    """P(level = c) from scipy's normal distribution function, point by point."""
    sd = np.hypot(TRUTH.reviewer_sd, TRUTH.reading_sd)
    for item, latent in TRUTH.standards.items():
        edges = np.array([-np.inf, *np.arange(1.25, 7, 0.5), np.inf])
        chances = np.diff(stats.norm.cdf(edges, latent, sd))
        assert TRUTH.level("standards", item) == pytest.approx(chances @ np.arange(1, 7.1, 0.5), abs=1e-12)


def test_managers_and_reviewers_have_the_stated_means(large, visit_truth):
    truth = large.truth_table(visit_truth)
    n = len(large.managers)
    answers = large.managers[[f"E_{item}" for item in ITEMS]]
    near(answers.mean(), items_of(truth, "believed")[ITEMS], answers.std() / np.sqrt(n))
    for name, table in (("standard", large.standards), ("promised", large.promises)):
        levels = table[table["level"] != ""].pivot(index="reviewer", columns="item", values="level").astype(float)
        near(levels.mean(), items_of(truth, name)[levels.columns], levels.std() / np.sqrt(len(levels)))


def test_staff_have_the_stated_means_store_by_store(large, study):
    """The stores' own effects are in the staff's view of the service, and not in what they believe of expectations."""
    own = TRUTH.staff(DEFAULT_TRUTH)
    place = study.stores.index[study.stores["visited"] == 1]
    stores = study.stores.loc[place]
    groups = large.staff.groupby("store", sort=False)
    assert groups.ngroups == 40
    for form, effects in (("expectation", None), ("perception", study.effects[place])):
        columns = list(INSTRUMENT.columns(form).values())
        by = stores["region" if form == "expectation" else "tier"].tolist()
        near(
            groups[columns].mean(),
            own.expected_ratings(form, by, effects),
            groups[columns].std() / np.sqrt(MANY.staff),
            5.5,
        )


def test_staff_stand_for_the_customers_of_their_stores(made, study):
    """Weighted by footfall within strata: every tier has its share of all visits, up to the draw of stores."""
    stores = study.stores.set_index("store")
    weight = made.staff.groupby("store")["weight"].first()
    size = stores.groupby("tier")["visited"].agg(["size", "sum"])
    tier = stores.loc[weight.index, "tier"]
    expansion = (size["size"] / size["sum"])[tier].to_numpy() * stores.loc[weight.index, "monthly_footfall"]
    np.testing.assert_allclose(weight, expansion / expansion.mean(), atol=1e-4)
    assert made.staff.groupby("store").size().eq(5).all()


def test_the_sample_agrees_with_its_truth(truth):
    """Plain means of the committed files, each with its own standard error."""
    managers = raw("managers.csv").filter(like="E_").astype(float)
    by_dimension = managers.T.groupby([DIMENSION[name[2:]] for name in managers]).mean().T[DIMENSIONS]
    se = by_dimension.std() / np.sqrt(len(managers))
    assert np.abs((by_dimension.mean() - items_of(truth, "believed", "dimension")[DIMENSIONS]) / se).max() < 3.5
    staff = raw("staff.csv")
    seen = staff.filter(like="P_").astype(float)
    weight = staff["weight"].astype(float)
    est = (seen.mul(weight, axis=0).sum() / weight.sum()).rename(lambda name: name[2:])
    away = est - items_of(truth, "staff_seen")[est.index]
    stores = (seen.sub(seen.mul(weight, axis=0).sum() / weight.sum()).mul(weight, axis=0)).groupby(staff["store"]).sum()
    se = np.sqrt((stores**2).sum()) / weight.sum()  # stores drawn with replacement: on the safe side
    assert np.abs(away.to_numpy() / se.to_numpy()).max() < 3.5


def test_experts_have_the_true_weights_in_every_round_and_come_together(large, made):
    for table in (large.experts, made.experts):
        assert (table[DIMENSIONS].sum(axis=1) == 100).all()
        assert table[DIMENSIONS].to_numpy().min() >= 0
    spread = []
    for _, rows in large.experts.groupby("round"):
        points = rows[DIMENSIONS]
        near(points.mean(), 100 * np.array(TRUTH.weights), points.std() / np.sqrt(len(points)))
        spread.append(points.std().to_numpy())
    w = np.array(TRUTH.weights)
    first = 100 * np.sqrt(w * (1 - w) / (TRUTH.concentration + 1))
    for sd, pull in zip(spread, TRUTH.pulls, strict=True):  # rounding adds at most a quarter of a point squared
        assert np.all(sd**2 < 1.06 * ((pull * first) ** 2 + 0.25))
        assert np.all(sd**2 > 0.94 * (pull * first) ** 2)
    assert made.experts.groupby("round").size().tolist() == [12, 12, 12]


def test_weak_links_have_the_stated_means(large, truth):
    ratings = large.weak_links.pivot(index="rater", columns="link", values="rating")
    true = truth[truth["what"] == "link_rating"].set_index("id")["value"]
    near(ratings.mean(), true[ratings.columns], ratings.std() / np.sqrt(len(ratings)))
    assert set(np.unique(ratings)) <= {1, 2, 3, 4, 5}
    together = ratings.corr().to_numpy()[np.triu_indices(7, 1)]
    expected = TRUTH.rater_sd**2 / (TRUTH.rater_sd**2 + TRUTH.link_sd**2)
    assert np.abs(together - expected).max() < 0.06, "raters have their own leniency; rounding weakens it a little"


# --- complaints --------------------------------------------------------------------------------------------


def test_complaints_come_at_the_stated_rates(large, study):
    stores = study.stores.set_index("store")
    count = large.complaints.groupby("store").size().reindex(stores.index, fill_value=0).to_numpy()
    mean = complaints_expected(large.truth, study)
    assert stats.chi2.sf(np.sum((count - mean) ** 2 / mean), len(mean)) > 1e-4
    per = 1e5 * mean / (12 * stores["monthly_footfall"].to_numpy())
    assert per[stores["tier"] == "hypermarket"] == pytest.approx(300 * 1.7)


def test_complaints_are_about_the_stated_things(large, truth):
    n = len(large.complaints)
    for by, found in (
        ("item", large.complaints["item"]),
        ("dimension", large.complaints["item"].map(DIMENSION)),
        ("cluster", large.complaints["place"] + " × " + large.complaints["phenomenon"]),
    ):
        share = items_of(truth, "complaint_share", by, "overall")
        assert share.sum() == pytest.approx(1, abs=1e-3)
        seen = share[share > 0]
        counts = found.value_counts().reindex(seen.index, fill_value=0)
        assert counts.sum() == n
        assert stats.chisquare(counts, n * seen / seen.sum()).pvalue > 1e-4


def test_stages_keep_their_limits_as_often_as_stated(large, visit_truth):
    truth = large.truth_table(visit_truth)
    table = large.complaints[large.complaints["received"] < "2026-07"]  # half a year to be solved in
    moments = {name: pd.to_datetime(table[name].replace("", None)) for name in ("received", "dispatched", "solved")}
    for stage, before, after in (("dispatch", "received", "dispatched"), ("solve", "dispatched", "solved")):
        hours = (moments[after] - moments[before]) / pd.Timedelta(hours=1)
        for name, handling in TRUTH.handling.items():
            own = hours[table["department"] == name]
            chance = truth.query(f"what == 'on_time' and group == '{name}' and id == '{stage}'")["value"].item()
            kept = (own <= getattr(handling, f"{stage}_limit")).sum()
            assert stats.binomtest(int(kept), len(own), chance).pvalue > 1e-4, (stage, name)
            below = (own <= getattr(handling, stage)).sum()  # half of those that end
            half = 0.5 if stage == "dispatch" else 0.5 * (1 - TRUTH.forgotten)
            assert stats.binomtest(int(below), len(own), half).pvalue > 1e-4, (stage, name)


def test_promises_are_kept_as_often_as_stated(large, visit_truth):
    truth = large.truth_table(visit_truth)
    told = large.complaints[large.complaints["promised"] != ""]
    kept = (told["solved"] != "") & (told["solved"].str[:10] <= told["promised"])
    for name in TRUTH.handling:
        own = kept[told["department"] == name]
        chance = truth.query(f"what == 'promise_kept' and by == 'department' and group == '{name}'")["value"].item()
        assert own.mean() == pytest.approx(chance, abs=4.5 * np.sqrt(chance * (1 - chance) / len(own)) + 0.005), name
        assert len(own) / (large.complaints["department"] == name).sum() == pytest.approx(
            TRUTH.handling[name].promised, abs=0.03
        )


def test_the_chance_of_two_stages_together_is_right():
    """Against a Monte Carlo sum of two lognormal times, and scipy's distribution where one of them is nothing."""
    handling = Handling(10, 60, dispatch_sd=0.9, solve_sd=0.9)
    rng = np.random.default_rng(1)
    total = 10 * np.exp(0.9 * rng.standard_normal(400_000)) + 60 * np.exp(0.9 * rng.standard_normal(400_000))
    for hours in (12.0, 48.0, 96.0, 400.0):
        share = np.mean(total <= hours)
        assert handling.solved_within(np.array(hours)) == pytest.approx(share, abs=0.004)
    alone = Handling(1e-9, 60, solve_sd=0.9)
    assert alone.solved_within(np.array([72.0]))[0] == pytest.approx(stats.lognorm.cdf(72, 0.9, scale=60), abs=1e-9)
    assert alone.on_time("solve") == pytest.approx(stats.lognorm.cdf(48, 0.9, scale=60), abs=1e-12)
    assert Handling(3, 20).solved_within(np.array([-5.0]))[0] == 0


def test_complaints_are_in_order_and_nothing_lies_after_the_year(made):
    table = made.complaints
    assert table["received"].is_monotonic_increasing
    assert (table["date"] == table["received"].str[:10]).all()
    sent, solved = table[table["dispatched"] != ""], table[table["solved"] != ""]
    assert (sent["dispatched"] > sent["received"]).all()
    assert (solved["solved"] > solved["dispatched"]).all()
    assert (table[["received", "dispatched", "solved"]] < "2027").all(axis=None)
    assert not ((table["dispatched"] == "") & (table["solved"] != "")).any()
    assert 340 < len(table) < 440
    language = table["text"].str.contains("[一-鿿]")
    assert 0.5 < language.mean() < 0.7


# --- words, actions ----------------------------------------------------------------------------------------


def test_every_sentence_stands_in_both_languages():
    texts = source_texts()
    assert set(texts["standards"]) == set(TRUTH.standards)
    assert set(texts["promises"]) == set(TRUTH.promises)
    pairs = [*texts["standards"].values(), *texts["promises"].values(), *texts["actions"]]
    for each in pairs:
        assert re.search("[a-z]", each["en"])
        assert not re.search("[一-鿿]", each["en"])
        assert re.search("[一-鿿]", each["zh"])
        assert not re.search(r"[一-鿿][,;!?]", each["zh"]), "Chinese punctuation"
    for case in texts["complaints"]:
        assert case["item"] in ITEMS
        assert case["department"] in TRUTH.handling
        assert len(case["en"]) == len(case["zh"])
        assert all(re.search("[一-鿿]", text) for text in case["zh"])
    for name in ("standards", "promises"):
        table = raw(f"{name}.csv")
        single = name.removesuffix("s")
        worded = table[table["level"] != ""]
        assert (worded[[f"{single}_en", f"{single}_zh"]] != "").all(axis=None)
        assert worded.groupby("item")[f"{single}_en"].nunique().eq(1).all()


def test_actions_cost_more_than_there_is_and_refer_to_what_exists():
    actions = sample_actions()
    known = set(actions["action"])
    assert len(known) == len(actions) == 14
    assert set(actions["target"]) <= {*ITEMS, *DIMENSIONS}
    assert set(actions["owner"]) == {"store", "control", "support"}
    assert ((actions["gain_low"] < actions["gain"]) & (actions["gain"] < actions["gain_high"])).all()
    assert actions["reach"].between(0, 1).all()
    assert set(actions["needs"]) - {""} < known
    excluded = {
        (a, b) for a, text in zip(actions["action"], actions["excludes"], strict=True) for b in text.split(";") if b
    }
    assert excluded
    assert excluded == {(b, a) for a, b in excluded}
    assert not any(a == b for a, b in excluded)


def test_indicators_are_those_of_the_checklist():
    known = {each.id for each in load_checklist("telecom-store").indicators}
    assert {name for names in TRUTH.indicators.values() for name in names} <= known
    assert set(TRUTH.indicators) < set(ITEMS)


# --- other worlds ------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_and_another_something_else(study, made):
    again, other = simulate_sources(study, SAMPLE_SEED), simulate_sources(study, SAMPLE_SEED + 1)
    for name in ("managers", "staff", "standards", "promises", "complaints", "experts", "weak_links"):
        pd.testing.assert_frame_equal(getattr(made, name), getattr(again, name))
        assert not getattr(made, name).equals(getattr(other, name)), name


def test_one_sources_size_leaves_the_others_alone(study, made):
    wider = simulate_sources(
        study, SAMPLE_SEED, fieldwork=SourceFieldwork(managers=50, staff=9, reviewers=5, experts=20)
    )
    for name in ("promises", "complaints", "weak_links"):
        pd.testing.assert_frame_equal(getattr(made, name), getattr(wider, name))
    assert (len(wider.managers), len(wider.staff)) == (50, 360)


def test_managers_who_know_customers_have_no_gap(study, visit_truth):
    """With the customers' own truth and nothing misjudged, belief is expectation, region by region."""
    same = replace(
        TRUTH,
        believed_by_managers={},
        believed_by_staff={},
        seen_by_staff={},
        variation=DEFAULT_TRUTH.expectation_variation,
    )
    regions = study.stores["region"].tolist()
    for own in (same.managers(DEFAULT_TRUTH), same.staff(DEFAULT_TRUTH)):
        np.testing.assert_allclose(
            own.expected_ratings("expectation", regions), DEFAULT_TRUTH.expected_ratings("expectation", regions)
        )
    made = simulate_sources(study, 1, truth=same)
    np.testing.assert_allclose(items_of(made.truth_table(visit_truth), "staff_knowledge"), 0, atol=1e-12)


def test_a_truth_that_cannot_be_is_refused(study):
    with pytest.raises(SpecError, match="must sum to 1"):
        replace(TRUTH, weights=(0.5, 0.2, 0.1, 0.1, 0.2))
    with pytest.raises(SpecError, match="between 0 and 1"):
        replace(TRUTH, forgotten=1.0)
    with pytest.raises(SpecError, match="NICE"):
        replace(TRUTH, believed_by_managers={"NICE": 1.0}).managers(DEFAULT_TRUTH)
    wrong = replace(
        TRUTH,
        standards={"NICE": 5.0},
        complaint_tiers={"core": 1.0},
        handling={"store": Handling(3, 20)},
        weights=(1.0,),
    )
    with pytest.raises(SpecError) as error:
        simulate_sources(study, 1, truth=wrong)
    for fault in ("item NICE", "1 weights for 5", "no complaint_tiers for cooperative", "no handling for billing"):
        assert fault in str(error.value)
    with pytest.raises(SpecError, match="managers, experts must be 1 or more"):
        SourceFieldwork(managers=0, experts=0)
    with pytest.raises(SpecError, match="must lie before"):
        SourceFieldwork(start="2027-01-01")


# --- what the analysis makes of it -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diagnosed(truth):
    """The five gaps of the committed files; the share kept is the true one, so that no visits need be read."""
    weighted = SampleDesign(strata="region", weight="weight")
    stores = SampleDesign(strata="tier", clusters="store", weight="weight", population="stores_in_tier")
    expectation = read_responses(SAMPLE / "expectation.csv", INSTRUMENT, weighted, respondent="respondent")
    codes = {"dont_know": [99], "missing_codes": [-9]}
    perception = read_responses(
        SAMPLE / "intercept.csv", INSTRUMENT, stores, respondent="respondent", faults="set aside", **codes
    )
    return diagnose(
        read_responses(instrument=INSTRUMENT, expectation=expectation, perception=perception),
        managers=read_responses(SAMPLE / "managers.csv", INSTRUMENT, respondent="manager"),
        staff=read_responses(SAMPLE / "staff.csv", INSTRUMENT, stores, respondent="staff"),
        standards=read_item_levels(SAMPLE / "standards.csv", INSTRUMENT),
        kept=ItemLevels.given(items_of(truth, "kept").to_dict(), kind="share"),
        promises=read_item_levels(SAMPLE / "promises.csv", INSTRUMENT, several="channel"),
    )


@pytest.mark.parametrize(("table", "by", "group"), [("items", "item", "all"), ("dimensions", "dimension", "all")])
def test_diagnosis_finds_the_true_gaps(diagnosed, truth, table, by, group):
    """Student's t of every estimate against its truth; 95% intervals hold about as many truths as they should."""
    found = getattr(diagnosed, table).frame.dropna(subset=["se"])
    true = [
        items_of(truth, finding, by, group)[name] for finding, name in zip(found["finding"], found[by], strict=True)
    ]
    assert set(found["finding"]) == {"knowledge", "standards", "delivery", "communication", "customer", "perception"}
    p = 2 * stats.t.sf(np.abs(found["gap"] - true) / found["se"], found["df"])
    assert p.min() * len(p) > 0.01, "Bonferroni over all gaps"
    inside = (found["low"] <= true) & (true <= found["high"])
    assert inside.mean() > 0.85, "estimates of one source go together"


def test_the_waterfall_is_the_true_one(diagnosed, truth):
    """Over items that were measured everywhere; the largest loss is the true one in every dimension."""
    steps = diagnosed.waterfall.frame.query("what != 'item'")
    assert set(steps["items"]) <= {1, 2, 3, 4, 5, 15}
    for (what, name), rows in steps.groupby(["what", "id"]):
        true = pd.Series({step: items_of(truth, step, what, "measured")[name] for step in rows["step"]})
        rows = rows.set_index("step")
        assert np.abs((rows["gap"] - true) / rows["se"]).max() < 5
        parts = ["knowledge", "standards", "delivery", "perception"]
        assert rows["gap"][parts].idxmin() == true[parts].idxmin() == "delivery"


def test_staff_and_customers_differ_as_stated(diagnosed, truth):
    found = diagnosed.staff.dimensions.frame
    for compared, what in (("expectation", "staff_knowledge"), ("perception", "staff_perception")):
        rows = found[found["compared"] == compared].set_index("dimension")
        away = (rows["difference"] - items_of(truth, what, "dimension")[rows.index]) / rows["se"]
        assert away.abs().max() < 3.5


def test_the_sample_study_names_the_same_indicators_and_time_limits():
    told = tomllib.loads((SAMPLE / "study.toml").read_text(encoding="utf-8"))
    indicators = told["diagnosis"]["indicators"]
    assert {item: tuple(names) for item, names in indicators.items()} == TRUTH.indicators
    limits = {name: {"dispatch": h.dispatch_limit, "solve": h.solve_limit} for name, h in TRUTH.handling.items()}
    assert told["complaints"]["limits"] == limits
