"""Zone of tolerance: what must hold for any answers, and what other people's programs say about the same answers.

Authorities: the LibQUAL means of 17 libraries (reference/published.toml), rebuilt as whole-number answers with exactly these
means; ``scipy.stats`` paired t tests for simple samples; R 4.2.2 with survey 4.1.1 for a stratified cluster sample (session
quoted below); shares and inversions counted person by person in plain Python; identities for the rest.

Tolerances: 1e-9 relative between two ways to the same number (1e-7 for bounds that R fits iteratively), exact equality where
nothing but counting is done.
"""

from __future__ import annotations

import itertools
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Bootstrap, Jackknife, Responses, SampleDesign, Student, Taylor, load_instrument
from servqual.inference import adjust_p
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from servqual.tolerance import DISTANCES, PLACES, POSITIONS, _adding_up, score_tolerance
from survey_design.errors import SpecError

FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
REL = 1e-9
FORMS = {"minimum": "M", "desired": "D", "perception": "P"}
KINDS = {"items": "item", "dimensions": "dimension", "total": "total"}
PUBLISHED = Path(__file__).parent / "reference" / "published.toml"


def instrument(sizes, low=1, high=7) -> Instrument:
    """Items a0, a1, b0, ... in dimensions a, b, asked as M_, D_ and P_."""
    text = {"en": "text"}
    forms = tuple(Form(form, f"{letter}_{{id}}") for form, letter in FORMS.items())
    items = tuple(Item(f"{d}{k}", d, {"en": f"{d}{k}"}, text) for d, size in sizes.items() for k in range(size))
    return Instrument(
        "zone", "1", text, "", Scale(low, high), forms, tuple(Dimension(d, {"en": d}) for d in sizes), items
    )


ASKED = instrument({"a": 3, "b": 2})
ITEMS = [item.id for item in ASKED.items]


def frame_of(levels) -> pd.DataFrame:
    """A data frame of {"M": (n, k), "D": ..., "P": ...} answers."""
    return pd.DataFrame(
        {
            f"{letter}_{item}": np.asarray(table)[:, k]
            for letter, table in levels.items()
            for k, item in enumerate(ITEMS)
        }
    )


def answers(seed, n=60, missing=0.0) -> pd.DataFrame:
    """Whole answers with some inversions and, on demand, gaps; with a group, a store, a stratum and a weight."""
    rng = np.random.default_rng(seed)
    person = rng.normal(0, 0.8, (n, 1))
    middles = {"M": 3.8, "D": 5.8, "P": 4.8}
    levels = {letter: np.clip(np.rint(middle + person + rng.normal(0, 1.1, (n, len(ITEMS)))), 1, 7)
              for letter, middle in middles.items()}  # fmt: skip
    for table in levels.values():
        table[rng.random(table.shape) < missing] = np.nan
    store = rng.integers(0, 8, n)
    store[:8] = range(8)
    frame = frame_of(levels).assign(group=rng.choice(["x", "y"], n), store=store, weight=rng.integers(1, 9, n) / 4)
    return frame.assign(stratum=np.where(frame["store"] < 4, "north", "south"))


def levels_of(frame, letter) -> pd.DataFrame:
    return frame[[f"{letter}_{item}" for item in ITEMS]].set_axis(ITEMS, axis=1)


def score(frame, design=None, **options):
    return score_tolerance(Responses(frame, ASKED, design), **options)


def members(kind, name):
    """The items of a row."""
    return ITEMS if kind == "total" else [item for item in ITEMS if item == name or item[0] == name]


def person_scores(frame, letter, kind, name, total="items"):
    """Exact scores of persons, None where an answer is missing in any form."""
    used = members(kind, name)
    whole = pd.concat([levels_of(frame, each)[used] for each in FORMS.values()], axis=1).notna().all(axis=1)
    table = levels_of(frame, letter)[used]
    out = []
    for complete, (_, row) in zip(whole, table.iterrows(), strict=True):
        parts = {d: [Fraction(int(row[i])) for i in used if i[0] == d] for d in "ab"} if complete else {}
        if not complete:
            out.append(None)
        elif kind == "total" and name == "mean" and total == "dimensions":
            out.append(sum(sum(part) / len(part) for part in parts.values()) / 2)
        else:
            values = [value for part in parts.values() for value in part]
            out.append(sum(values) if name == "sum" else sum(values) / len(values))
    return out


def lines(scores):
    """(kind, name, row) of every row of the three tables."""
    for table, kind in KINDS.items():
        for _, row in scores.to_frame(table).iterrows():
            yield kind, row[kind], row


# --- authorities -------------------------------------------------------------------------------------------


def test_libqual_means_of_17_libraries():
    """100 respondents on LibQUAL's 9 points whose mean is the published one, to the last digit."""
    entry = next(e for e in tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["entry"] if e["id"] == "libqual_zone")
    data, rows = entry["data"], len(entry["data"]["row"])
    asked = instrument({"affect": rows}, 1, 9)

    def with_mean(mean):
        hundredths = round(100 * mean)
        base = hundredths // 100
        return np.repeat([base, base + 1], [100 - hundredths % 100, hundredths % 100])

    frame = pd.DataFrame({
        f"{letter}_affect{k}": with_mean(data[name][k])
        for letter, name in (("M", "minimum"), ("D", "desired"), ("P", "perceived"))
        for k in range(rows)
    })  # fmt: skip
    table = score_tolerance(Responses(frame, asked)).to_frame("items")
    for ours, theirs in (("minimum", "minimum"), ("desired", "desired"), ("perception", "perceived")):
        assert table[ours].tolist() == pytest.approx(data[theirs], rel=1e-14)
    for name in ("adequacy", "superiority"):
        assert table[name].tolist() == pytest.approx(entry["expect"][name], abs=entry["atol"][name])
        assert table[name].tolist() == pytest.approx(entry["computed"][name], abs=1e-12)
    first = table.iloc[0]
    assert (round(first["adequacy"], 2), round(first["superiority"], 2)) == (0.76, -0.94)


@pytest.mark.parametrize("missing", [0.0, 0.08])
@pytest.mark.parametrize("total", ["dimensions", "items"])
def test_distances_are_scipys_paired_t_tests(missing, total):
    frame = answers(1, missing=missing)
    scores = score(frame, total=total, level=0.9)
    for kind, name, row in lines(scores):
        exact = {letter: person_scores(frame, letter, kind, name, total) for letter in FORMS.values()}
        kept = {letter: np.array([float(v) for v in values if v is not None]) for letter, values in exact.items()}
        assert row["n"] == len(kept["P"])
        for letter, column in zip("MDP", ("minimum", "desired", "perception"), strict=True):
            assert row[column] == pytest.approx(kept[letter].mean(), rel=REL)
        for distance, (upper, lower) in DISTANCES.items():
            test = stats.ttest_rel(kept[upper], kept[lower])
            bounds = test.confidence_interval(0.9)
            numbers = ("se", "low", "high", "df", "p", "deff")
            expected = [
                *(abs(test.statistic and (kept[upper] - kept[lower]).mean() / test.statistic), bounds.low, bounds.high),
                *(test.df, test.pvalue, 1.0),
            ]
            assert [row[f"{distance}_{number}"] for number in numbers] == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.08])
@pytest.mark.parametrize("total", ["dimensions", "items"])
def test_shares_are_counted_person_by_person(missing, total):
    frame = answers(2, n=80, missing=missing)
    for kind, name, row in lines(score(frame, total=total)):
        minimum, desired, perception = (person_scores(frame, letter, kind, name, total) for letter in "MDP")
        places = [
            "below" if p < min(m, d) else "above" if p > max(m, d) else "inside"
            for m, d, p in zip(minimum, desired, perception, strict=True)
            if p is not None
        ]
        for place in PLACES:
            share = places.count(place) / len(places)
            assert row[place] == pytest.approx(share, abs=1e-15)
            if 0 < share < 1:
                se = np.sqrt(share * (1 - share) / (len(places) - 1))
                half = stats.t.ppf(0.975, len(places) - 1) * se / (share * (1 - share))
                logit = np.log(share / (1 - share))
                bounds = [1 / (1 + np.exp(-(logit - half))), 1 / (1 + np.exp(-(logit + half)))]
                found = [row[f"{place}_{number}"] for number in ("se", "low", "high", "df")]
                assert found == pytest.approx([se, *bounds, len(places) - 1], rel=REL)


# R 4.2.2, survey 4.1.1. k <- 0:39; store <- k %/% 5; tier <- ifelse(store < 4, "a", "b"); weight <- 1 + (k*7) %% 5 / 4
# M_j = 1 + (k*k*3 + 7*j*k + 5*j) %% 17 %% 5, D_j = 4 + (k*k*5 + 3*j*k + store) %% 13 %% 4,
# P_j = 2 + (k*k*2 + 5*j*k + 3*store) %% 19 %% 6; items 0 and 1 are dimension a, item 2 is dimension b.
# des <- svydesign(ids = ~store, strata = ~tier, weights = ~weight, data = d, nest = TRUE)
# x <- svymean(~msa, des, deff = "replace"); confint(x, df = degf(des)); 2 * pt(-abs(coef(x)/SE(x)), degf(des))
# svyciprop(~below, des, method = "logit", df = degf(des)); "aside" and "tier a" are subset(des, ...)
R_DISTANCES = """
d1 adequacy 1.3625 0.249693098660172 0.751522997739315 1.97347700226069 6 0.00157744596988738 1.0601350379605
d1 superiority -1.27916666666667 0.30269812917725 -2.01984230626989 -0.538491027063442 6 0.00552521588709007 1.56130955541565
d1 zone 2.64166666666667 0.220315167766879 2.1025748716709 3.18075846166244 6 2.04017343011674e-05 1.03565119106417
q2 adequacy 2.36666666666667 0.266666666666667 1.71415683969468 3.01917649363866 6 0.000113899899823254 0.743078297112236
q2 superiority -1.1875 0.364251833417689 -2.07879212799103 -0.296207872008973 6 0.0172464895612391 1.40712886245072
q2 zone 3.55416666666667 0.250820413103937 2.94043122533357 4.16790210799977 6 7.71747886714516e-06 0.950831253237885
aside adequacy 1.57582938388626 0.21656128355888 1.04592301264687 2.10573575512564 6 0.000342920586513426 0.730961581794885
aside superiority -1.33886255924171 0.325990248271674 -2.13653196109536 -0.541193157388057 6 0.00630712188298048 1.49041373490743
aside zone 2.91469194312796 0.156297761502667 2.53224509819966 3.29713878805627 6 1.53447143499671e-06 0.589158042673709
tier adequacy 1.02083333333333 0.392367871131539 -0.227856348461268 2.26952301512793 3 0.0802561201914843 1.51169231229345
tier superiority -1.68333333333333 0.323965590308143 -2.71433642924854 -0.652330237418128 3 0.0138477691095131 1.13427608363617
tier zone 2.70416666666667 0.231478240718055 1.96749959473992 3.44083373859341 3 0.00134760237211758 0.711317863309033
"""
R_SHARES = """
d1 below 0.158333333333333 0.0756912588524373 0.0447672074422867 0.430237090176047 6
d1 inside 0.741666666666667 0.0588272738459649 0.575263389100911 0.858870417451111 6
d1 above 0.1 0.0435677420593281 0.0328710222005751 0.266450078669526 6
q2 below 0.05 0.05 0.00398932612599879 0.408844961101855 6
q2 inside 0.758333333333333 0.0778025754120051 0.526164928224649 0.89865529923354 6
q2 above 0.191666666666667 0.0732037997394691 0.0694370853810482 0.429702527415197 6
aside below 0.118483412322275 0.065780633494497 0.0279779436147615 0.385615623546264 6
aside inside 0.767772511848341 0.0573399172360447 0.600814146512542 0.878968001703906 6
aside above 0.113744075829384 0.0482530708403303 0.0382606959651622 0.292807127990247 6
tier below 0.175 0.118145390656315 0.0154455755712363 0.741479354590548 3
tier inside 0.725 0.103972040401183 0.333985711131325 0.932705690526645 3
tier above 0.1 0.0638284738504225 0.0114955604323398 0.514941322535941 3
"""


@pytest.fixture(scope="module")
def in_stores():
    k = np.arange(40)
    store = k // 5
    frame = pd.DataFrame({"store": store, "tier": np.where(store < 4, "a", "b"), "weight": 1 + (k * 7) % 5 / 4})
    for j, item in enumerate(("a0", "a1", "b0")):
        frame[f"M_{item}"] = 1 + (k * k * 3 + 7 * j * k + 5 * j) % 17 % 5
        frame[f"D_{item}"] = 4 + (k * k * 5 + 3 * j * k + store) % 13 % 4
        frame[f"P_{item}"] = 2 + (k * k * 2 + 5 * j * k + 3 * store) % 19 % 6
    design = SampleDesign(strata="tier", clusters="store", weight="weight", selection="probability")
    responses = Responses(frame, instrument({"a": 2, "b": 1}), design)
    whole, aside = score_tolerance(responses), score_tolerance(responses, inversions="set aside")
    by = score_tolerance(responses, by="tier").to_frame()
    return {
        "d1": whole.to_frame().iloc[0],
        "q2": whole.to_frame("items").iloc[2],
        "aside": aside.to_frame().iloc[0],
        "tier": by[(by["tier"] == "a") & (by["dimension"] == "a")].iloc[0],
    }


@pytest.mark.parametrize("line", R_DISTANCES.strip().split("\n"))
def test_distances_in_a_stratified_cluster_sample_are_rs(in_stores, line):
    where, name, *numbers = line.split()
    found = [in_stores[where][f"{name}{end}"] for end in ("", "_se", "_low", "_high", "_df", "_p", "_deff")]
    assert found == pytest.approx([float(number) for number in numbers], rel=REL)


@pytest.mark.parametrize("line", R_SHARES.strip().split("\n"))
def test_shares_in_a_stratified_cluster_sample_are_rs(in_stores, line):
    where, name, *numbers = line.split()
    found = [in_stores[where][f"{name}{end}"] for end in ("", "_se", "_df", "_low", "_high")]
    share, se, low, high, df = map(float, numbers)
    assert found[:3] == pytest.approx([share, se, df], rel=REL)
    assert found[3:] == pytest.approx([low, high], rel=1e-7)  # R fits these bounds iteratively


def test_r_sets_aside_as_many(in_stores):
    assert (in_stores["aside"]["n"], in_stores["aside"]["n_inverted"], in_stores["d1"]["n_inverted"]) == (35, 5, 5)


# --- identities --------------------------------------------------------------------------------------------

DESIGNS = {
    "none": None,
    "weight": SampleDesign(weight="weight"),
    "stores": SampleDesign(strata="stratum", clusters="store", weight="weight"),
}


@FEW
@given(SEEDS, st.sampled_from(sorted(DESIGNS)), st.sampled_from(["keep", "set aside"]))
def test_what_holds_in_every_row(seed, design, inversions):
    frame = answers(seed, missing=0.03)
    scores = score(frame, DESIGNS[design], by="group", inversions=inversions)
    other = score(frame, DESIGNS[design], by="group", inversions="set aside" if inversions == "keep" else "keep")
    for table in KINDS:
        found, theirs = scores.to_frame(table), other.to_frame(table)
        assert (found["adequacy"] == found["perception"] - found["minimum"]).all()
        assert (found["superiority"] == found["perception"] - found["desired"]).all()
        assert (found["zone"] == found["desired"] - found["minimum"]).all()
        np.testing.assert_allclose(found["adequacy"] - found["superiority"], found["zone"], rtol=0, atol=1e-12)
        for order in itertools.permutations(PLACES):
            assert (found[list(order)].sum(axis=1) == 1).all()
        sign = 1 if inversions == "keep" else -1
        assert (found["n"] - sign * found["n_inverted"] == theirs["n"]).all()
        assert (found["n_inverted"] == theirs["n_inverted"]).all()


@FEW
@given(SEEDS)
def test_swapping_the_levels_swaps_the_measures_and_inverts_everyone(seed):
    """Exchanged columns: MSA and MSS change places, the width its sign; who lies between the levels stays there."""
    frame = answers(seed)
    open_zone = {f"D_{i}": np.maximum(frame[f"D_{i}"], frame[f"M_{i}"] + 1) for i in ITEMS}
    frame = frame.assign(**{f"M_{i}": np.minimum(frame[f"M_{i}"], 6) for i in ITEMS}).assign(**open_zone)
    frame[list(open_zone)] = frame[list(open_zone)].clip(upper=7)
    names = {f"{a}_{i}": f"{b}_{i}" for a, b in (("M", "D"), ("D", "M")) for i in ITEMS}
    plain, swapped = score(frame), score(frame.rename(columns=names))
    for table in KINDS:
        a, b = plain.to_frame(table), swapped.to_frame(table)
        assert (a["n_inverted"] == 0).all()
        assert (b["n_inverted"] == b["n"]).all()
        for mine, theirs in (("adequacy", "superiority"), ("superiority", "adequacy")):
            for end in ("", "_se", "_low", "_high", "_p"):
                np.testing.assert_allclose(a[mine + end], b[theirs + end], rtol=1e-12)
        np.testing.assert_allclose(a["zone"], -b["zone"], rtol=1e-12)
        assert (a[list(PLACES)] == b[list(PLACES)]).all(axis=None)
    assert (score(frame.rename(columns=names), inversions="set aside").to_frame()["n"] == 0).all()


@FEW
@given(SEEDS)
def test_a_reversed_scale_mirrors_everything(seed):
    """8 - x, with minimum and desired exchanged: below becomes above, MSA becomes -MSS, the width stays."""
    frame = answers(seed, missing=0.03)
    names = {f"{a}_{i}": f"{b}_{i}" for a, b in (("M", "D"), ("D", "M")) for i in ITEMS}
    columns = [f"{letter}_{item}" for letter in FORMS.values() for item in ITEMS]
    mirrored = frame.assign(**{column: 8 - frame[column] for column in columns}).rename(columns=names)
    plain, turned = score(frame), score(mirrored)
    for table in KINDS:
        a, b = plain.to_frame(table), turned.to_frame(table)
        np.testing.assert_allclose(a["adequacy"], -b["superiority"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(a["superiority_se"], b["adequacy_se"], rtol=1e-9)
        np.testing.assert_allclose(a["zone"], b["zone"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(a[["below", "inside", "above"]], b[["above", "inside", "below"]], atol=1e-15)
        np.testing.assert_allclose(a["below_high"], b["above_high"], rtol=1e-9)
        assert (a["n_inverted"] == b["n_inverted"]).all()


@FEW
@given(SEEDS)
def test_groups_recombine_to_the_whole(seed):
    frame = answers(seed, missing=0.03)
    whole, split = score(frame), score(frame, by="group")
    for table, kind in KINDS.items():
        parts = split.to_frame(table)
        for _, row in whole.to_frame(table).iterrows():
            own = parts[parts[kind] == row[kind]]
            assert own["n"].sum() == row["n"]
            assert own["n_inverted"].sum() == row["n_inverted"]
            for name in ("minimum", "desired", "perception", *DISTANCES, *PLACES):
                assert np.average(own[name], weights=own["n"]) == pytest.approx(row[name], rel=1e-12, abs=1e-12)


@FEW
@given(SEEDS)
def test_whole_weights_are_repeated_rows(seed):
    frame = answers(seed, n=30)
    weight = np.random.default_rng(seed).integers(1, 4, len(frame))
    weighted = score(frame.assign(weight=weight), SampleDesign(weight="weight")).to_frame()
    repeated = score(frame.loc[np.repeat(frame.index, weight)].reset_index(drop=True)).to_frame()
    names = ["minimum", "desired", "perception", *DISTANCES, *PLACES]
    np.testing.assert_allclose(weighted[names], repeated[names], rtol=1e-12, atol=1e-12)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3).filter(lambda parts: sum(parts) > 0))
def test_shares_add_up_in_any_order(parts):
    shares = np.array(parts) / sum(parts)
    out = _adding_up(shares[:, None])
    assert np.abs(out[:, 0] - shares).max() < 1e-15
    assert all(out[list(order), 0].sum() == 1 for order in itertools.permutations(range(3)))
    assert (out >= 0).all()


def test_dimension_totals_average_dimensions_and_item_totals_items():
    frame = answers(5)
    by_dimension = score(frame).to_frame().set_index("dimension")["adequacy"]
    total = score(frame).to_frame("total").set_index("total")
    assert total.loc["mean", "adequacy"] == pytest.approx(by_dimension.mean(), rel=1e-12)
    by_item = score(frame, total="items")
    mean = by_item.to_frame("total").set_index("total")["adequacy"]
    assert mean["mean"] == pytest.approx(by_item.to_frame("items")["adequacy"].mean(), rel=1e-12)
    assert mean["sum"] == pytest.approx(len(ITEMS) * mean["mean"], rel=1e-12)


def test_bounds_are_inside_and_equality_is_exact():
    """Means of thirds that are equal on paper: 1 + 2 + 2 against 2 + 2 + 1, at both ends of the zone."""
    low, high = [1, 2, 2, 4, 4], [6, 7, 7, 5, 5]
    levels = {
        "M": [low] * 4,
        "D": [high] * 4,
        "P": [[2, 2, 1, 4, 4], [7, 7, 6, 5, 5], [2, 1, 1, 4, 3], [7, 7, 7, 5, 6]],
    }
    frame = score(frame_of(levels)).to_frame().set_index("dimension")
    assert frame.loc["a", list(PLACES)].tolist() == [0.25, 0.5, 0.25]
    assert frame.loc["b", list(PLACES)].tolist() == [0.25, 0.5, 0.25]


# --- inversions --------------------------------------------------------------------------------------------


def test_inversions_are_counted_per_item_and_per_respondent():
    frame = answers(3, missing=0.05)
    scores = score(frame)
    minimum, desired = levels_of(frame, "M"), levels_of(frame, "D")
    inverted = minimum > desired
    assert inverted.any(axis=None)
    counts = scores.inversions.respondents.set_index("n_items")["n_respondents"]
    assert counts.to_dict() == {k: int((inverted.sum(axis=1) == k).sum()) for k in counts.index}
    assert counts.sum() == len(frame)
    cases = scores.inversions.cases
    assert len(cases) == inverted.sum(axis=None)
    for case in cases.itertuples():
        assert (minimum.loc[case.row, case.item], desired.loc[case.row, case.item]) == (case.minimum, case.desired)
    for kind, name, row in lines(scores):
        used = members(kind, name)
        whole = pd.concat([levels_of(frame, letter)[used] for letter in FORMS.values()], axis=1).notna().all(axis=1)
        assert row["n_inverted"] == (whole & inverted[used].any(axis=1)).sum()


def test_cases_name_the_respondent():
    frame = answers(3).assign(id=[f"r{k}" for k in range(60)])
    found = score_tolerance(Responses(frame, ASKED, respondent="id")).inversions.cases
    assert list(found.columns) == ["id", "item", "minimum", "desired"]
    assert found["id"].str.startswith("r").all()


@pytest.mark.parametrize("design", DESIGNS)
def test_setting_aside_is_blanking_the_three_answers(design):
    frame = answers(4)
    blanked = frame.copy()
    for item in ITEMS:
        odd = frame[f"M_{item}"] > frame[f"D_{item}"]
        for letter in FORMS.values():
            blanked[f"{letter}_{item}"] = blanked[f"{letter}_{item}"].mask(odd)
    aside, by_hand = score(frame, DESIGNS[design], inversions="set aside"), score(blanked, DESIGNS[design])
    for table in KINDS:
        left, right = (scores.to_frame(table).drop(columns="n_inverted") for scores in (aside, by_hand))
        pd.testing.assert_frame_equal(left, right, rtol=1e-12)


def test_both_versions_stand_side_by_side():
    frame = answers(6)
    kept, aside = score(frame, by="group"), score(frame, by="group", inversions="set aside")
    pd.testing.assert_frame_equal(kept.inversions.to_frame(), aside.inversions.to_frame())
    beside = kept.inversions.to_frame()
    for table, kind in KINDS.items():
        mine, theirs = kept.to_frame(table), aside.to_frame(table)
        rows = beside[beside["kind"] == kind].reset_index(drop=True)
        assert rows["measure"].tolist() == mine[kind].tolist()
        assert rows["group"].tolist() == mine["group"].tolist()
        for name in ("adequacy", "superiority"):
            for end in ("", "_low", "_high"):
                assert rows[f"{name}{end}"].tolist() == mine[f"{name}{end}"].tolist()
                assert rows[f"{name}_without{end}"].tolist() == theirs[f"{name}{end}"].tolist()
            np.testing.assert_array_equal(rows[f"{name}_change"], theirs[name] - mine[name])
        assert rows["n_without"].tolist() == theirs["n"].tolist()


def test_the_note_gives_the_largest_change_of_its_table():
    scores = score(answers(6), by="group")
    beside = scores.inversions.to_frame()
    for table, kind in KINDS.items():
        rows = beside[(beside["kind"] == kind) & (beside["measure"] != "sum")]
        for mark, name in (("MSA", "adequacy"), ("MSS", "superiority")):
            largest = rows.loc[rows[f"{name}_change"].abs().idxmax()]
            label = "Overall (mean)" if kind == "total" else largest["measure"]
            said = f"{mark} changes by at most {abs(largest[f'{name}_change']):.2f} ({label}, {largest['group']})"
            assert said in scores.table(table).note()
    assert "inversions (minimum above desired) by" in scores.note()
    assert "kept; without them" in scores.note()
    assert "set aside; with them" in score(answers(6), inversions="set aside").note()


def test_without_inversions_nothing_is_said_to_change():
    levels = {"M": np.full((6, 5), 3), "D": np.full((6, 5), 6), "P": np.arange(30).reshape(6, 5) % 7 + 1}
    scores = score(frame_of(levels))
    assert "no inversions (minimum above desired)" in scores.note()
    assert scores.inversions.frame["adequacy_change"].eq(0).all()
    assert len(scores.inversions.cases) == 0
    assert "0 inverted answers by 0 of 6 respondents" in scores.inversions.note()


def test_where_everyone_is_inverted_setting_aside_leaves_reasons():
    levels = {"M": np.full((6, 5), 6), "D": np.full((6, 5), 3), "P": np.arange(30).reshape(6, 5) % 7 + 1}
    aside = score(frame_of(levels), inversions="set aside")
    row = aside.to_frame().iloc[0]
    assert (row["n"], row["n_inverted"], row["adequacy_reason"], row["share_reason"]) == (0, 6, "nobody", "nobody")
    assert np.isnan([row["adequacy"], row["zone_low"], row["inside"], row["inside_low"]]).all()
    assert aside.sentence("a") == "a: no score can be given (nobody answered)."
    assert "no MSA can be given" in aside.note()
    kept = score(frame_of(levels)).to_frame()
    assert (kept["position"] == "inverted").all()


# --- how sure ----------------------------------------------------------------------------------------------


def test_p_values_are_adjusted_over_the_table_each_distance_by_itself():
    for adjust in ("holm", "fdr_bh", "none"):
        scores = score(answers(7), by="group", adjust=adjust)
        for distance in DISTANCES:
            frame = scores.to_frame("items")
            assert (
                frame[f"{distance}_p_adjusted"].tolist() == adjust_p(frame[f"{distance}_p"].to_numpy(), adjust).tolist()
            )
            total = scores.to_frame("total")
            for _, own in total.groupby("total"):
                assert (
                    own[f"{distance}_p_adjusted"].tolist() == adjust_p(own[f"{distance}_p"].to_numpy(), adjust).tolist()
                )


def test_the_default_interval_follows_the_design():
    assert isinstance(score(answers(8)).interval, Student)
    assert isinstance(score(answers(8), DESIGNS["stores"]).interval, Taylor)
    assert isinstance(score(answers(8), DESIGNS["stores"], interval=Student()).interval, Student)


def test_one_cluster_takes_its_respondents_as_units():
    frame = answers(9, n=80)
    scores = score(frame, SampleDesign(clusters="store"), by="store")
    row = scores.to_frame().iloc[0]
    own = frame[frame["store"] == row["store"]]
    alone = score(own).to_frame().iloc[0]
    assert (row["adequacy_reason"], row["n"]) == ("one cluster", len(own))
    for name in ("adequacy_se", "superiority_low", "zone_high", "inside_se", "inside_low"):
        assert row[name] == pytest.approx(alone[name], rel=REL, nan_ok=True)
    assert "its respondents are the units" in scores.note()


def test_replicates_agree_with_linearisation():
    design = DESIGNS["stores"]
    frame = answers(10, n=400)
    taylor = score(frame, design).to_frame()
    jackknife = score(frame, design, interval=Jackknife()).to_frame()
    bootstrap = score(frame, design, interval=Bootstrap(2000, seed=1)).to_frame()
    for name in ("adequacy_se", "superiority_se", "zone_se", "inside_se"):
        np.testing.assert_allclose(jackknife[name], taylor[name], rtol=0.05)
        np.testing.assert_allclose(bootstrap[name], taylor[name], rtol=0.1)
    percentiles = score(frame, design, interval=Bootstrap(500, seed=1, percentile=True)).to_frame()
    for name in (*DISTANCES, *PLACES):
        value = percentiles[name]
        assert ((percentiles[f"{name}_low"] <= value) & (value <= percentiles[f"{name}_high"])).all()
        assert (percentiles[name] == taylor[name]).all()


def test_selection_caution_and_target_are_said():
    drawn = SampleDesign(strata="stratum", clusters="store", weight="weight", selection="probability")
    assert "No margin of error" in score(answers(11)).note()
    said = score(answers(11), drawn).note()
    assert "No margin of error" not in said
    assert "about clusters like these, not only these" in said
    assert "Kish deff" in said


@pytest.mark.parametrize(
    ("minimum", "desired", "perceived", "position"),
    [
        ([3, 3, 3, 4], [5, 5, 6, 6], [1, 2, 1, 1], "below"),
        ([3, 3, 3, 4], [7, 7, 6, 7], [2, 4, 3, 5], "lower edge"),
        ([2, 2, 1, 2], [7, 7, 6, 7], [4, 5, 4, 4], "inside"),
        ([2, 2, 1, 2], [5, 5, 6, 5], [6, 4, 6, 5], "upper edge"),
        ([2, 2, 1, 2], [5, 5, 4, 5], [7, 6, 7, 7], "above"),
        ([4, 4, 3, 4], [5, 4, 4, 5], [2, 7, 2, 6], "open"),
        ([5, 5, 6, 6], [2, 2, 3, 2], [4, 4, 4, 4], "inverted"),
    ],
)
def test_positions(minimum, desired, perceived, position):
    levels = {letter: np.repeat(np.array(values)[:, None], 5, axis=1)
              for letter, values in (("M", minimum), ("D", desired), ("P", perceived))}  # fmt: skip
    scores = score(frame_of(levels))
    assert set(scores.to_frame()["position"]) == {position}
    assert POSITIONS[position]["en"] in scores.sentence("a")
    assert POSITIONS[position]["zh"] in scores.in_language("zh").sentence("a")


def test_a_share_of_none_or_all_says_why_it_has_no_interval():
    levels = {"M": np.full((6, 5), 2), "D": np.full((6, 5), 7), "P": np.arange(30).reshape(6, 5) % 4 + 3}
    scores = score(frame_of(levels).assign(store=1))
    row = scores.to_frame().iloc[0]
    assert [row[name] for name in PLACES] == [0, 1, 0]
    assert np.isnan([row["below_low"], row["inside_low"]]).all()
    assert row["share_reason"] == "edge"
    assert "a share of 0% or 100% has no interval" in str(scores.shares())
    lone = score_tolerance(Responses(frame_of(levels).assign(store=1), ASKED, SampleDesign(clusters="store")))
    assert lone.to_frame()["share_reason"].unique().tolist() == ["one cluster, edge"]


def test_one_answer_and_no_variation():
    levels = {"M": [[2] * 5], "D": [[6] * 5], "P": [[4] * 5]}
    alone = score(frame_of(levels))
    assert alone.to_frame()["adequacy_reason"].unique().tolist() == ["one answer"]
    assert alone.to_frame()["position"].unique().tolist() == [""]
    assert "no error, so no verdict" in alone.sentence("a")
    same = score(frame_of({letter: table * 3 for letter, table in levels.items()}))
    assert same.to_frame()["zone_reason"].unique().tolist() == ["no variation"]


# --- how it shows itself -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown():
    return score(answers(12, missing=0.02), DESIGNS["stores"], by="group")


def test_frame_columns_are_those_documented(shown):
    distances = [f"{name}{end}" for name in DISTANCES
                 for end in ("", "_se", "_low", "_high", "_df", "_p", "_p_adjusted", "_deff", "_reason")]  # fmt: skip
    shares = [f"{name}{end}" for name in PLACES for end in ("", "_se", "_low", "_high", "_df")]
    for table, kind in KINDS.items():
        expected = ["group", kind, "minimum", "desired", "perception", "position", *distances, *shares]
        assert list(shown.to_frame(table).columns) == [*expected, "share_reason", "n", "n_inverted"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_result_shows_itself(shown, language):
    scores = shown.in_language(language)
    for result in (scores, scores.items, scores.total, scores.shares(), scores.shares("total"), scores.inversions):
        for text in (result.to_string(), result.to_markdown(), result.to_html(), result.to_csv()):
            assert text
        headings = [column.heading(language) for column in result.columns()]
        assert len(set(headings)) == len(headings)
        assert result.note()
    if language == "zh":
        assert "容忍区间" in scores.title()
        assert "各维度" in scores.shares().title()
        assert "总体" in scores.total.title()
    assert len(scores.sentences()) == 4


def test_titles(shown):
    assert shown.title() == "Zone of tolerance by dimension and group"
    assert shown.total.title() == "Zone of tolerance, overall by group"
    assert score(answers(12)).total.title() == "Zone of tolerance, overall"


def test_language_changes_no_number(shown):
    pd.testing.assert_frame_equal(shown.to_frame(), shown.in_language("zh").to_frame())
    assert shown.in_language("zh").inversions.language == "zh"


def test_estimates_and_sentences_name_rows(shown):
    row = shown.to_frame().iloc[0]
    found = shown.dimensions.estimate(row["dimension"], "superiority", group=row["group"])
    assert (found.value, found.se, found.n) == (row["superiority"], row["superiority_se"], row["n"])
    said = shown.sentence("sum", group="x")
    assert said.startswith("Overall (sum of items) (x): ")
    with pytest.raises(SpecError, match="name one value for each of group; got none"):
        shown.sentence("a")
    with pytest.raises(SpecError, match=r"there is no row 'c' with group='x'\. Rows: a, b"):
        shown.sentence("c", group="x")
    with pytest.raises(SpecError, match="distance='gap' is not known"):
        shown.dimensions.estimate("a", "gap", group="x")


def test_the_shipped_instrument_speaks_chinese():
    asked = load_instrument("tolerance-22", language="zh")
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({c: rng.integers(1, 8, 30) for form in FORMS for c in asked.columns(form).values()})
    scores = score_tolerance(Responses(frame, asked))
    assert scores.sentence("reliability").startswith("可靠性：")
    assert "处倒置（最低水平高于理想水平）" in scores.note()


# --- what is refused ---------------------------------------------------------------------------------------


def test_refusals():
    frame = answers(13)
    two = Responses(frame.drop(columns=[f"D_{item}" for item in ITEMS]), ASKED)
    with pytest.raises(SpecError, match=r"holds no desired answers\. The zone of tolerance needs the forms"):
        score_tolerance(two)
    for options, message in (
        ({"inversions": "drop"}, "inversions='drop' is not known"),
        ({"total": "all"}, "total='all' is not known"),
        ({"adjust": "hulm"}, "Did you mean 'holm'"),
        ({"level": 95}, "level=95 must lie between 0 and 1"),
    ):
        with pytest.raises(SpecError, match=message):
            score(frame, **options)
    with pytest.raises(SpecError, match="by=zone: tables have a column of that name"):
        score(frame.assign(zone="x"), by="zone")
    with pytest.raises(ValueError, match="has no column 'shop'"):
        score(frame, by="shop")


def test_what_the_caller_gave_is_left_alone():
    frame = answers(14, missing=0.02)
    responses = Responses(frame, ASKED)
    before, kept = frame.copy(), responses.frame.copy()
    scores = score_tolerance(responses, by="group", inversions="set aside")
    handed = scores.to_frame()
    handed["adequacy"] = 0
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(responses.frame, kept)
    assert scores.to_frame()["adequacy"].ne(0).any()


def test_within_one_store_its_days_are_the_units():
    """Days were drawn in every store: a row of one store rests on its days, by hand from their totals."""
    generator = np.random.default_rng(5)
    frame = answers(5, n=240).assign(store=np.repeat([0, 1, 2], 80), day=np.tile(np.repeat(np.arange(8), 10), 3))
    shift = generator.normal(0, 1.2, (3, 8))[frame["store"], frame["day"]]
    for column in ASKED.columns("perception").values():
        frame[column] = np.clip(np.rint(frame[column] + shift), 1, 7)
    table = score(frame, SampleDesign(clusters=("store", "day")), by="store").to_frame()
    inside = frame["store"] == 1
    distance = (levels_of(frame, "P") - levels_of(frame, "M"))[inside].filter(regex=r"^a").mean(axis=1)
    total = (distance - distance.mean()).groupby(frame.loc[inside, "day"]).sum() / inside.sum()
    row = table[(table["store"] == 1) & (table["dimension"] == "a")].iloc[0]
    assert row["adequacy"] == pytest.approx(distance.mean())
    assert (row["adequacy_df"], row["adequacy_se"]) == (7, pytest.approx(np.sqrt(8 / 7 * (total**2).sum()), rel=1e-9))
