"""Simulated studies: the sample files are what the README says, and the stated truth is the truth."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from servqual.instruments import load_instrument
from servqual.simulate import (
    COMMENTS,
    DEFAULT_TRUTH,
    SAMPLE_SEED,
    Dirt,
    Fieldwork,
    fictional_chain,
    hourly_footfall,
    rounded_mean,
    share_out,
    simulate_study,
    soiled,
    truth_table,
    write_sample,
)
from survey_design.errors import SpecError

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
FILES = ["stores.csv", "footfall.csv", "expectation.csv", "intercept.csv", "truth.csv"]
INSTRUMENT = load_instrument("servqual-22")
P = list(INSTRUMENT.columns("perception").values())
E = list(INSTRUMENT.columns("expectation").values())
DIMENSIONS = [dimension.id for dimension in INSTRUMENT.dimensions]
SMALL = Fieldwork(interviews=220, expectation=60)
LARGE = Fieldwork(interviews=120_000, expectation=80_000)


@pytest.fixture(scope="module")
def study():
    return simulate_study(DEFAULT_TRUTH, SAMPLE_SEED)


@pytest.fixture(scope="module")
def large():
    return simulate_study(DEFAULT_TRUTH, 5, fieldwork=LARGE)


# --- the committed files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_the_committed_files_are_what_the_seed_gives(name, tmp_path):
    write_sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES), "nothing half-written is left"
    assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()


def test_the_files_are_small_utf8_with_plain_line_ends():
    for name in FILES:
        content = (SAMPLE / name).read_bytes()
        assert len(content) < 200_000
        assert b"\r" not in content
        assert not content.startswith(b"\xef\xbb\xbf")
        assert content.decode("utf-8").endswith("\n")


def readme_table(first_heading: str) -> list[list[str]]:
    """The cells of the README's table whose first heading is this one."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", (SAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    tables = [[[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in b.splitlines()] for b in blocks]
    (wanted,) = [table for table in tables if table[0][0] == first_heading]
    return wanted[2:]


def raw(name: str) -> tuple[list[str], list[list[str]]]:
    head, *rows = csv.reader(io.StringIO((SAMPLE / name).read_text(encoding="utf-8")))
    return head, rows


def counted_dirt() -> dict[str, int]:
    """Faults of intercept.csv, counted on the text of the file."""
    head, rows = raw("intercept.csv")
    filled = [row for row in rows if any(row)]
    repeated = {name for name, times in Counter(row[0] for row in filled).items() if times > 1}
    copies = [{tuple(row) for row in filled if row[0] == name} for name in repeated]
    answers = Counter(row[head.index(name)] for row in filled for name in P)
    counts = {
        "rows": len(rows),
        "respondents": len({row[0] for row in filled}),
        "identical copy": sum(len(versions) == 1 for versions in copies),
        "copy with one answer changed": sum(len(versions) == 2 for versions in copies),
        "empty row": len(rows) - len(filled),
        "weight missing": sum(row[head.index("weight")] == "" for row in filled),
    }
    return counts | {answer: times for answer, times in answers.items() if answer not in set("1234567")}


def test_the_readme_counts_every_fault():
    assert {row[0]: int(row[-1]) for row in readme_table("fault")} == counted_dirt()


def test_faults_are_as_many_as_asked_and_each_in_a_row_of_its_own():
    counts, dirt = counted_dirt(), Dirt()
    assert counts["identical copy"] == dirt.exact_copies
    assert counts["copy with one answer changed"] == dirt.changed_copies
    assert {answer: counts[str(answer)] for answer, _ in dirt.cells} == dict(dirt.cells)
    head, rows = raw("intercept.csv")
    times = Counter(row[0] for row in rows)
    for row in rows:
        odd = [name for name in P if row[head.index(name)] not in set("1234567")]
        faults = [*odd, *["weight"] * (row[head.index("weight")] == ""), *["twice"] * (times[row[0]] > 1)]
        assert len(faults) <= 1 or not any(row)


def test_a_changed_copy_differs_in_one_answer():
    head, rows = raw("intercept.csv")
    twice = [name for name, times in Counter(row[0] for row in rows).items() if name and times == 2]
    differences = sorted(
        [name for name, a, b in zip(head, *(row for row in rows if row[0] == one), strict=True) if a != b]
        for one in twice
    )
    assert differences[:-1] == [[], []]
    assert len(differences[-1]) == 1
    assert differences[-1][0] in P


@pytest.mark.parametrize("name", FILES)
def test_the_readme_describes_every_column(name):
    described = []
    for row in readme_table(f"column of {name}"):
        assert len(row) == 3
        assert all(row), "name, English, Chinese"
        assert re.search("[一-鿿]", row[2])
        described += [row[0].replace("{item}", item.id) for item in INSTRUMENT.items] if "{" in row[0] else [row[0]]
    assert described == raw(name)[0]


def test_the_readme_names_the_items_as_the_instrument_does():
    rows = readme_table("item")
    assert rows == [[item.id, item.dimension, item.label["en"], item.label["zh"]] for item in INSTRUMENT.items]


def test_the_readme_states_the_truth():
    truth = pd.read_csv(SAMPLE / "truth.csv").query("what != 'item'")
    overall = truth.query("by == 'overall'").set_index("id")
    for name, *numbers in readme_table("dimension"):
        columns = ["expectation", "perception", "gap", "gap_these_stores"]
        assert [float(number.replace("−", "-")) for number in numbers] == overall.loc[name, columns].round(2).tolist()
    gaps = truth.pivot(index="group", columns="id", values="gap").round(2)
    these = truth.pivot(index="group", columns="id", values="gap_these_stores").round(2)
    rows = readme_table("tier")
    assert [row[0] for row in rows] == [*DEFAULT_TRUTH.perception, "flagship_core, these stores"]
    for group, *numbers in rows:
        values = these.loc["flagship_core"] if "these" in group else gaps.loc[group]
        assert [float(number.replace("−", "-")) for number in numbers] == values[[*DIMENSIONS, "mean"]].tolist()


def test_the_study_file_names_what_is_there():
    settings = tomllib.loads((SAMPLE / "study.toml").read_text(encoding="utf-8"))
    assert settings["instrument"] == DEFAULT_TRUTH.instrument
    for form in ("expectation", "perception"):
        section = settings[form]
        head, _ = raw(section["file"])
        named = [section[key] for key in ("respondent", "strata", "clusters", "weight", "population") if key in section]
        assert set(named) <= set(head)
        assert settings["gaps"]["match"] in head
    assert set(settings["gaps"]["by"]) <= set(raw("intercept.csv")[0])


def test_hostile_comments_are_there_and_nothing_personal():
    head, rows = raw("intercept.csv")
    comments = {row[head.index("comment")] for row in rows} - {""}
    assert comments == set(COMMENTS)
    assert {'=HYPERLINK("http://example.com","x")', "<script>alert(1)</script>"} <= comments
    assert not any(re.search(r"\d{5,}|\w@\w", comment) for comment in comments)


# --- design and weights ------------------------------------------------------------------------------------


def test_interviews_follow_footfall_with_a_floor(study):
    visited = study.stores.query("visited == 1")
    assert visited["interviews"].sum() == len(study.intercept) == 900
    assert visited["interviews"].min() >= 5
    assert (study.stores.query("visited == 0")["interviews"] == 0).all()
    assert study.intercept["store"].value_counts().to_dict() == visited.set_index("store")["interviews"].to_dict()
    ratio = (visited["interviews"] / visited["monthly_footfall"])[visited["interviews"] > 5]
    assert ratio.max() / ratio.min() < 1.2, "in proportion, but for whole numbers"


def test_a_week_of_hours_is_what_the_month_leaves(study):
    week = hourly_footfall(study.stores)
    assert week["leavers"].min() >= 1
    assert week.groupby("store").size().eq(7 * 10).all()
    monthly = study.stores.set_index("store")["monthly_footfall"]
    assert (week.groupby("store")["leavers"].sum() * 52 / 12 - monthly).abs().max() <= 52 / 12 / 2
    by_day = week.groupby("day")["leavers"].sum()
    assert by_day.idxmax() == "Sat"


def test_stores_cover_tiers_and_area_types(study):
    visited = study.stores.query("visited == 1")
    per_tier = visited["tier"].value_counts()
    assert per_tier.to_dict() == Fieldwork().visited
    assert per_tier.min() >= 4
    assert set(visited["area_type"]) == {"residential", "commercial", "industrial", "hypermarket_store"}
    assert set(visited["region"]) == set(DEFAULT_TRUTH.expectation)
    assert ((study.stores["tier"] == "hypermarket") == (study.stores["area_type"] == "hypermarket_store")).all()
    assert (study.stores.query("tier == 'flagship_core'")["visited"] == 1).all(), "a census"


def test_a_respondent_stands_for_visits(study):
    """Weights add up to the tier's footfall as the visited stores tell it: N/n times their footfall."""
    told = study.intercept.groupby("store")["weight"].sum()
    visited = study.stores.query("visited == 1").set_index("store")
    size = study.stores.groupby("tier")["visited"].agg(["size", "sum"]).loc[visited["tier"]].to_numpy()
    expected = visited["monthly_footfall"] * size[:, 0] / size[:, 1]
    ratio = told / expected
    assert ratio.max() / ratio.min() == pytest.approx(1, abs=5e-4), "weights are rounded to four decimals"
    assert study.intercept["weight"].mean() == pytest.approx(1, abs=1e-4)
    in_tier = study.stores["tier"].value_counts()
    assert (study.intercept["stores_in_tier"] == study.intercept["tier"].map(in_tier)).all()


def test_expectations_weigh_as_their_region(study):
    told = study.expectation.groupby("region")["weight"].sum()
    footfall = study.stores.groupby("region")["monthly_footfall"].sum()
    assert (told / told.sum()).to_numpy() == pytest.approx((footfall / footfall.sum()).to_numpy(), abs=1e-4)
    assert set(study.expectation["region"].value_counts()) == {100}


def test_store_attributes_are_carried_into_the_answers(study):
    columns = ["store", "tier", "area_type", "region"]
    assert len(study.intercept[columns].drop_duplicates().merge(study.stores[columns])) == 40


def test_two_surveys_ask_different_people_on_the_same_scale(study):
    assert not set(study.intercept["respondent"]) & set(study.expectation["respondent"])
    assert study.intercept["respondent"].is_unique
    for answers in (study.intercept[P], study.expectation[E]):
        assert answers.isin(range(1, 8)).all(axis=None)
    points = study.expectation.filter(like="imp_")
    assert list(points) == [f"imp_{name}" for name in DIMENSIONS]
    assert (points.sum(axis=1) == 100).all()
    assert (points % 5 == 0).all(axis=None)
    assert study.intercept["recommend"].between(0, 10).all()


@pytest.mark.parametrize("seed", range(20))
def test_sharing_out_keeps_the_total_and_the_floor(seed):
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.normal(8, 1.5, 30))
    given = share_out(400, sizes, 5)
    assert given.sum() == 400
    assert given.min() >= 5
    assert (np.diff(given[np.argsort(sizes)]) >= 0).all(), "a larger store never gets fewer"


# --- the truth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "sd"), [(4.0, 1.0), (6.4, 0.9), (1.3, 2.0), (8.5, 1.1)])
def test_rounded_mean_is_the_mean_of_rounded_values(mean, sd):
    value = np.random.default_rng(0).normal(mean, sd, 1_000_000)
    answers = np.clip(np.rint(value), 1, 7)
    assert rounded_mean(mean, sd) == pytest.approx(answers.mean(), abs=4.5 * answers.std() / 1000)


def test_rounded_mean_is_symmetric_and_stays_on_the_scale():
    means = np.linspace(-5, 13, 37)
    assert rounded_mean(means, 1.3) + rounded_mean(8 - means, 1.3) == pytest.approx(8)
    assert (np.diff(rounded_mean(means, 1.3)) > 0).all()
    assert rounded_mean([-50, 50], 1.3, 0, 10).tolist() == [0, 10]


def test_stores_answer_as_their_effect_says(large):
    """Mean ratings of 40 stores x 22 items against the closed form given the effects: z-scores like normal ones."""
    visited = (large.stores["visited"] == 1).to_numpy()
    tiers = large.stores.loc[visited, "tier"].tolist()
    expected = DEFAULT_TRUTH.expected_ratings("perception", tiers, large.effects[visited])
    assert_z_scores(large.intercept, P, "store", expected)


def test_regions_answer_as_expected(large):
    expected = DEFAULT_TRUTH.expected_ratings("expectation", large.expectation["region"].unique().tolist())
    assert_z_scores(large.expectation, E, "region", expected)


def assert_z_scores(frame, columns, by, expected):
    groups = frame.groupby(by, sort=False)[columns]
    z = (groups.mean() - expected).to_numpy() / groups.sem().to_numpy()
    assert np.abs(z).max() < 5
    assert 0.7 < (z**2).mean() < 1.4


def test_the_mean_over_stores_is_the_mean_over_their_effects():
    effects = DEFAULT_TRUTH.store_sd * np.polynomial.hermite_e.hermegauss(40)[0]
    weight = np.polynomial.hermite_e.hermegauss(40)[1]
    given = DEFAULT_TRUTH.expected_ratings("perception", ["core"] * 40, effects)
    assert weight @ given / weight.sum() == pytest.approx(DEFAULT_TRUTH.expected_ratings("perception", ["core"])[0])


def test_importance_is_right_on_average(large):
    points = large.expectation.filter(like="imp_")
    z = (points.mean() - 100 * np.array(DEFAULT_TRUTH.importance)) / points.sem()
    assert z.abs().max() < 4


def test_identities_of_the_truth_table(study):
    table = study.truth_table()
    assert table["gap"].to_numpy() == pytest.approx((table["perception"] - table["expectation"]).to_numpy())
    items = table.query("what == 'item'")
    items = items.assign(dimension=[INSTRUMENT.item(name).dimension for name in items["id"]])
    means = items.groupby(["group", "dimension"])["gap"].mean()
    dimensions = table.query("what == 'dimension'").set_index(["group", "id"])["gap"]
    assert means[dimensions.index].to_numpy() == pytest.approx(dimensions.to_numpy())
    share = study.stores.groupby("tier")["monthly_footfall"].sum() / study.stores["monthly_footfall"].sum()
    total = table.query("what == 'total'").set_index("group")["gap"]
    assert (total[share.index] * share).sum() == pytest.approx(total["overall"]), "tiers make up the whole"


def test_without_store_differences_both_truths_coincide():
    alike = simulate_study(replace(DEFAULT_TRUTH, store_sd=0.0), 3, fieldwork=SMALL)
    table = alike.truth_table()
    assert table["gap_these_stores"].to_numpy() == pytest.approx(table["gap"].to_numpy())
    assert table[["gap"]].equals(truth_table(alike.truth, alike.stores)[["gap"]])


def test_weighted_means_of_300_studies_are_unbiased():
    """Perceptions against the process and against the stores as they turned out; expectations; overall and by tier."""
    errors: dict[str, list[float]] = {"process": [], "these": [], "flagship": [], "expectation": []}
    for seed in range(300):
        study = simulate_study(DEFAULT_TRUTH, seed, fieldwork=SMALL)
        truth = study.truth_table().query("id == 'mean'").set_index("group")
        rated, weight = study.intercept[P].to_numpy(), study.intercept["weight"].to_numpy()
        whole = total_of(np.average(rated, axis=0, weights=weight))
        flagship = (study.intercept["tier"] == "flagship_core").to_numpy()
        core = total_of(np.average(rated[flagship], axis=0, weights=weight[flagship]))
        expected = total_of(np.average(study.expectation[E], axis=0, weights=study.expectation["weight"]))
        errors["process"].append(whole - truth.loc["overall", "perception"])
        errors["these"].append(whole - truth.loc["overall", "perception_these_stores"])
        errors["flagship"].append(core - truth.loc["flagship_core", "perception_these_stores"])
        errors["expectation"].append(expected - truth.loc["overall", "expectation"])
    for name, values in errors.items():
        assert abs(np.mean(values)) < 3.5 * np.std(values) / np.sqrt(300), name
    assert np.std(errors["these"]) < np.std(errors["process"]), "these stores are known better than stores like these"


def total_of(items) -> float:
    """Mean of the five dimensions' means."""
    dimension = [item.dimension for item in INSTRUMENT.items]
    return float(pd.Series(items).groupby(dimension).mean().mean())


# --- what the structure looks like -------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "columns"), [("intercept", P), ("expectation", E)])
def test_five_dimensions_stand_out_of_noise(study, form, columns):
    """Horn's parallel analysis by hand: five eigenvalues exceed those of pure noise."""
    answers, rng = getattr(study, form)[columns], np.random.default_rng(0)
    found = np.linalg.eigvalsh(answers.corr())[::-1]
    noise = [np.linalg.eigvalsh(np.corrcoef(rng.standard_normal(answers.shape), rowvar=False))[::-1] for _ in range(60)]
    assert (found > np.quantile(noise, 0.95, axis=0)).sum() == 5


def test_answers_of_one_store_resemble_each_other(study):
    """Intraclass correlation of single ratings within tiers, from the analysis of variance, averaged over items."""
    assert 0.05 < icc(study.intercept) < 0.10
    many = [icc(simulate_study(DEFAULT_TRUTH, seed).intercept) for seed in range(100, 140)]
    assert np.mean(many) == pytest.approx(0.073, abs=0.012)


def icc(intercept: pd.DataFrame) -> float:
    answers, store, tier = intercept[P], intercept["store"], intercept["tier"]
    size = store.value_counts()
    n, stores, tiers = len(answers), len(size), tier.nunique()
    of_store, of_tier = (answers.groupby(by).transform("mean") for by in (store, tier))
    between = ((of_store - of_tier) ** 2).sum() / (stores - tiers)
    within = ((answers - of_store) ** 2).sum() / (n - stores)
    per_tier = size.groupby(intercept.drop_duplicates("store").set_index("store")["tier"])
    average = (n - per_tier.agg(lambda m: (m**2).sum() / m.sum()).sum()) / (stores - tiers)
    return float(((between - within) / (between + (average - 1) * within)).mean())


# --- manners -----------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_study_and_another_does_not(study):
    again, other = simulate_study(DEFAULT_TRUTH, SAMPLE_SEED), simulate_study(DEFAULT_TRUTH, SAMPLE_SEED + 1)
    pd.testing.assert_frame_equal(study.intercept, again.intercept)
    pd.testing.assert_frame_equal(study.expectation, again.expectation)
    assert not study.intercept[P].equals(other.intercept[P])


def test_what_is_given_is_left_alone(study):
    chain = fictional_chain()
    before, clean = chain.copy(), study.intercept.copy()
    simulate_study(DEFAULT_TRUTH, 1, chain=chain, fieldwork=SMALL)
    soiled(study, Dirt(), 1)
    pd.testing.assert_frame_equal(chain, before)
    pd.testing.assert_frame_equal(study.intercept, clean)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Fieldwork(interviews=100), "too few for 40 stores"),
        (lambda: simulate_study(DEFAULT_TRUTH, 1, fieldwork=Fieldwork(expectation=3)), "3 cannot be shared out over 4"),
        (lambda: simulate_study(DEFAULT_TRUTH, 1, chain=fictional_chain().replace("west", "moon")), "for 'moon'"),
        (lambda: simulate_study(DEFAULT_TRUTH, 1, fieldwork=Fieldwork({"core": 8})), r"visited\['flagship_core'\]=0"),
        (lambda: replace(DEFAULT_TRUTH, drivers=(0.5, 0.5, 0.5, 0.5, 0.5)), "must sum to 1"),
        (lambda: replace(DEFAULT_TRUTH, importance=(0.5, 0.5)), "has 2 values, servqual-22 5 dimensions"),
        (lambda: DEFAULT_TRUTH.expected_rating("perception", "kiosk", "REL1"), "no true perception for 'kiosk'"),
        (lambda: DEFAULT_TRUTH.expected_rating("minimum", "core", "REL1"), "form='minimum' is not known"),
    ],
)  # fmt: skip
def test_errors_say_what_to_mend(wrong, says):
    with pytest.raises(SpecError, match=says):
        wrong()
