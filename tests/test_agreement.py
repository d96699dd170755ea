"""Agreement between raters.

Authorities: R's psych, irr, vcd and irrCAC on published and artificial ratings (agreement_*.json, mystery_shopper.json),
Shrout and Fleiss's table 4, Krippendorff's example, Feinstein and Cicchetti's paradox, scikit-learn, scipy. Identities hold
for any data. ``irr::kripp.alpha`` 0.84.1 is wrong on complete data, which the definition written out shows.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual.agreement import agreement, read_ratings
from servqual.agreement.coefficients import (
    agreement_weights,
    alpha_replicates,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    intraclass_correlations,
    kendall_w,
    krippendorff_alpha,
)
from survey_design.errors import DataError, SpecError

ICC = {f"icc{form}_{of}": f"ICC{form}_{of}" for of in "1k" for form in "123"}
SCALES = ("nominal", "ordinal", "interval", "ratio")


def alpha(frame, scale, **options):
    read = read_ratings(frame, scale=scale, **options)
    return krippendorff_alpha(read.counts, read.values, scale)


def alpha_by_definition(rows, scale):
    """Krippendorff's alpha from pairs, in plain Python; rows are lists of one unit's ratings."""
    rows = [[x for x in row if x == x] for row in rows]
    rows = [row for row in rows if len(row) > 1]
    pooled = [x for row in rows for x in row]
    n = len(pooled)

    def delta(a, b):
        if scale == "nominal":
            return float(a != b)
        if scale == "ordinal":
            low, high = min(a, b), max(a, b)
            between = sum(low <= x <= high for x in pooled)
            return (between - (pooled.count(a) + pooled.count(b)) / 2) ** 2 if a != b else 0.0
        return (a - b) ** 2 if scale == "interval" else ((a - b) / (a + b)) ** 2 if a + b else 0.0

    seen = sum(delta(a, b) / (len(row) - 1) for row in rows for a, b in permutations(row, 2)) / n
    by_chance = sum(delta(a, b) for a, b in permutations(pooled, 2)) / (n * (n - 1))
    return 1 - seen / by_chance


# --- reference numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("oracle", "data", "block"),
    [("agreement_icc_shrout_fleiss.json", "raters_shrout_fleiss_1979.csv", None),
     ("agreement_anxiety.json", "raters_anxiety_artificial.csv", "icc")],
)  # fmt: skip
def test_the_six_intraclass_correlations_are_those_of_r(shared, oracle, data, block):
    results = shared.oracle(oracle)["results"]
    want = (results if block is None else results[block])["icc"]
    frame = shared.frame(data)
    found = agreement(frame, units="target" if "target" in frame else None, scale="interval", replicates=100)
    for name, theirs in want.items():
        row = found.estimate(name.lower())
        assert [row.value, row.low, row.high] == pytest.approx([theirs["icc"], *theirs["ci95"]], abs=1e-8)
        assert row.p == pytest.approx(theirs["p"], abs=1e-8)


def test_shrout_and_fleiss_printed_table(shared):
    published = shared.oracle("agreement_icc_shrout_fleiss.json")["published"]
    scores = shared.frame("raters_shrout_fleiss_1979.csv").iloc[:, 1:].to_numpy(float)
    found = intraclass_correlations(scores)
    for name, icc in found.items():
        assert icc.value == pytest.approx(published[ICC[name].replace("_1", "").replace("_k", "k")], abs=0.005)


def test_cohens_kappa_its_errors_and_intervals_are_those_of_r(shared):
    want = shared.oracle("agreement_anxiety.json")["results"]["kappa_r1_r2"]
    frame = shared.frame("raters_anxiety_artificial.csv")
    found = agreement(frame, raters=["rater1", "rater2"], scale="ordinal", replicates=100)
    for name, key in (("cohen", "unweighted"), ("cohen_linear", "linear"), ("cohen_quadratic", "quadratic")):
        theirs, row = want[key], found.estimate(name)
        ours = found.frame.set_index("coefficient").loc[name]
        assert [row.value, row.se, row.low, row.high] == pytest.approx(
            [theirs["kappa"], theirs["se_asymptotic"], *theirs["ci95"]], abs=1e-8
        )
        assert ours["se_null"] == pytest.approx(theirs["se_null"], abs=1e-8)
        assert row.p == pytest.approx(2 * stats.norm.sf(abs(theirs["z"])), abs=1e-8)
    assert found.estimate("agreement").value == pytest.approx(want["percent_agreement"], abs=1e-12)


def test_fleiss_kappa_overall_and_per_category_are_those_of_r(shared):
    want = shared.oracle("agreement_fleiss1971.json")["results"]
    found = agreement(shared.frame("raters_fleiss1971_diagnoses.csv"))
    rows = found.frame.set_index(["coefficient", "category"])
    assert rows.loc[("fleiss", ""), "value"] == pytest.approx(want["kappa"], abs=1e-8)
    assert rows.loc[("fleiss", ""), "se_null"] == pytest.approx(want["se_null"], abs=1e-8)
    assert rows.loc[("agreement", ""), "value"] == pytest.approx(want["P_bar"], abs=1e-8)
    for name, kappa in zip(want["categories"], want["kappa_j"], strict=True):
        assert rows.loc[("fleiss_category", name), "value"] == pytest.approx(kappa, abs=1e-8)
    assert rows.loc[("alpha", ""), "value"] == pytest.approx(want["krippendorff_nominal"], abs=1e-8)
    assert rows.loc[("ac1", ""), "value"] == pytest.approx(want["gwet_ac1"]["value"], abs=5e-6)  # five digits printed
    assert rows.loc[("ac1", ""), "se"] == pytest.approx(want["gwet_ac1"]["se"], abs=5e-6)


def test_fleiss_kappa_of_a_table_of_counts(shared):
    oracle = shared.oracle("agreement_fleiss_counts.json")
    want, found = oracle["results"], fleiss_kappa(np.array(oracle["table"], dtype=float))
    assert [found.value, found.observed, found.expected, found.se_null] == pytest.approx(
        [want["kappa"], want["P_bar"], want["P_e"], want["se_null"]], abs=1e-8
    )
    assert found.value == pytest.approx(oracle["published"]["kappa"], abs=5e-4)


@pytest.mark.parametrize("scale", SCALES)
def test_krippendorffs_alpha_with_missing_ratings(shared, scale):
    oracle = shared.oracle("agreement_krippendorff.json")
    want = oracle["results"][scale]
    found = alpha(shared.frame("raters_krippendorff_example.csv"), scale, units="unit")
    assert found == pytest.approx((want["alpha"], want["Do"], want["De"]), abs=1e-8)
    assert found[0] == pytest.approx(oracle["published"][scale], abs=5e-4)


@pytest.mark.parametrize("scale", SCALES)
def test_krippendorffs_alpha_on_complete_data_where_rs_irr_is_wrong(shared, scale):
    frame = shared.frame("raters_anxiety_artificial.csv")
    want = shared.oracle("agreement_anxiety.json")["results"]["kripp"][scale]["alpha"]
    found = alpha(frame, scale)[0]
    assert found == pytest.approx(want, abs=1e-8)
    assert found == pytest.approx(alpha_by_definition(frame.to_numpy(float).tolist(), scale), abs=1e-12)
    if scale == "nominal":
        assert abs(found - -0.0324) > 0.008  # what irr::kripp.alpha 0.84.1 prints


def test_kendalls_w_with_ties(shared):
    want = shared.oracle("agreement_anxiety.json")["results"]["kendall_w"]
    frame = shared.frame("raters_anxiety_artificial.csv")
    w, chisq, df, p = kendall_w(frame.to_numpy(float))
    assert (w, chisq, p) == pytest.approx((want["W_tie_corrected"], want["chisq"], want["p"]), abs=1e-8)
    assert df == len(frame) - 1
    assert agreement(frame, scale="ordinal", replicates=100).estimate("kendall_w").value == pytest.approx(w)


def test_double_visits_of_mystery_shoppers(shared):
    """Pooled over all answers of 0 or 1 to items applicable to both visits; pairs of one double_id in the order of visits."""
    want = shared.oracle("mystery_shopper.json")["results"]["double_visit_agreement"]
    visits = shared.frame("mystery_visits_synthetic.csv")
    items = [name for name in visits if name.startswith("Q")]
    pairs = visits.dropna(subset=["double_id"]).melt(["visit", "double_id"], items, "item", "answer")
    pairs = pairs[pairs["answer"].isin([0, 1])].sort_values("visit")
    pairs["pair"] = pairs["double_id"].astype(str) + " " + pairs["item"]
    pairs["turn"] = pairs.groupby("double_id")["visit"].rank(method="dense")
    found = agreement(pairs, units="pair", raters="turn", value="answer", replicates=100)
    kappa = found.estimate("cohen")
    theirs = want["unweighted"]
    assert (kappa.n, found.estimate("agreement").value) == (
        want["n"],
        pytest.approx(want["percent_agreement"], abs=1e-9),
    )
    assert [kappa.value, kappa.se, kappa.low, kappa.high] == pytest.approx(
        [theirs["kappa"], theirs["se_asymptotic"], *theirs["ci95"]], abs=1e-9
    )
    assert found.ratings.alone > 0  # items that did not apply to one of the visits


def test_cohens_kappa_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(5)
    first = generator.integers(1, 6, 80)
    second = np.clip(first + generator.integers(-1, 3, 80), 1, 5)
    found = agreement(pd.DataFrame({"a": first, "b": second}), scale="ordinal", replicates=100)
    for name, weights in (("cohen", None), ("cohen_linear", "linear"), ("cohen_quadratic", "quadratic")):
        theirs = metrics.cohen_kappa_score(first, second, weights=weights)
        assert found.estimate(name).value == pytest.approx(theirs, abs=1e-12)


def test_feinstein_and_cicchettis_paradox():
    """Their table: the same agreement of .85, kappa .70 and .32, from prevalence alone."""
    even, uneven = (np.array(cells, dtype=float) for cells in ([[40, 9], [6, 45]], [[80, 10], [5, 5]]))
    assert cohen_kappa(even, np.eye(2)).value == pytest.approx(0.70, abs=0.005)
    assert cohen_kappa(uneven, np.eye(2)).value == pytest.approx(0.32, abs=0.005)
    assert cohen_kappa(even, np.eye(2)).observed == pytest.approx(0.85) == cohen_kappa(uneven, np.eye(2)).observed


# --- identities --------------------------------------------------------------------------------------------

tables = st.lists(st.lists(st.integers(1, 4), min_size=3, max_size=3), min_size=4, max_size=12)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(SCALES), st.integers(0, 2**32 - 1))
def test_alpha_is_its_definition_with_ratings_missing_anywhere(rows, scale, seed):
    table = np.array(rows, dtype=float)
    table[np.random.default_rng(seed).random(table.shape) < 0.2] = np.nan
    counted = table[(~np.isnan(table)).sum(axis=1) >= 2]
    if len(counted) < 2 or len(np.unique(counted[~np.isnan(counted)])) < 2:
        return
    frame = pd.DataFrame(table)
    try:
        read = read_ratings(frame, scale=scale)
    except DataError:
        return
    found = krippendorff_alpha(
        read.counts, read.values if scale in ("interval", "ratio") else np.arange(len(read.categories)), scale
    )
    assert found[0] == pytest.approx(alpha_by_definition(table.tolist(), scale), abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_quadratic_kappa_with_equal_margins_of_both_orders_is_fleiss(rows):
    """With every pair taken in both orders the margins are equal, and Cohen's kappa is Fleiss' (Scott's pi)."""
    first, second = np.array(rows).T[:2] - 1
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    counts = np.eye(4)[first] + np.eye(4)[second]
    for power in (0, 1, 2):
        weights = agreement_weights(np.arange(4.0), power)
        cohen, fleiss = cohen_kappa(table + table.T, weights), fleiss_kappa(counts, weights)
        assert (cohen.value == pytest.approx(fleiss.value, abs=1e-10)) or np.isnan(cohen.value)


@settings(max_examples=40, deadline=None)
@given(tables, st.permutations([0, 1, 2]))
def test_names_and_order_of_raters_do_not_matter_where_they_should_not(rows, order):
    table = np.array(rows, dtype=float)
    if len(np.unique(table)) < 2:
        return
    a, b = (read_ratings(pd.DataFrame(t), scale="ordinal").counts for t in (table, table[::-1][:, order]))
    assert gwet_ac(a).value == pytest.approx(gwet_ac(b).value, abs=1e-12)
    assert fleiss_kappa(a).value == pytest.approx(fleiss_kappa(b).value, abs=1e-12, nan_ok=True)
    assert kendall_w(table)[0] == pytest.approx(kendall_w(table[::-1][:, order])[0], abs=1e-12, nan_ok=True)


def test_long_and_wide_tables_are_one():
    wide = pd.DataFrame(
        {"visit": list("ABCDE"), "Li": [1, 2, 3, 2, np.nan], "Wu": [1, 3, 3, 2, 2], "Xu": [2, 2, 3, 1, 2]}
    )
    long = wide.melt("visit", var_name="inspector", value_name="score").sample(frac=1, random_state=1)
    a = agreement(wide, units="visit", scale="interval", seed=3, replicates=200)
    b = agreement(long, units="visit", raters="inspector", value="score", scale="interval", seed=3, replicates=200)
    pd.testing.assert_frame_equal(a.frame, b.frame)
    assert a.ratings.raters == b.ratings.raters == ("Li", "Wu", "Xu")


def test_the_bootstrap_of_alpha_draws_whole_units_and_covers():
    """400 studies of 40 units: the share of intervals with the alpha of a very large study lies near 95 %."""
    generator = np.random.default_rng(11)

    def study(units):
        truth = generator.normal(size=(units, 1))
        return np.digitize(truth + 0.6 * generator.normal(size=(units, 3)), [-0.7, 0.7])

    def counted(codes):
        return np.eye(3)[codes].sum(axis=1)

    true = krippendorff_alpha(counted(study(200_000)), np.arange(3.0), "ordinal")[0]
    low_high = [
        np.quantile(alpha_replicates(counted(study(40)), np.arange(3.0), "ordinal", 200, k), [0.025, 0.975])
        for k in range(300)
    ]
    covered = np.mean([low <= true <= high for low, high in low_high])
    assert 0.90 <= covered <= 0.98


def test_the_standard_errors_by_units_are_what_repeated_studies_show():
    generator = np.random.default_rng(4)
    found = []
    for _ in range(600):
        truth = generator.random((60, 1)) < 0.8
        codes = np.where(generator.random((60, 4)) < 0.85, truth, ~truth).astype(int)
        counts = np.eye(2)[codes].sum(axis=1)
        found.append([each for result in (fleiss_kappa(counts), gwet_ac(counts)) for each in (result.value, result.se)])
    table = np.array(found)
    for k in (0, 2):
        assert table[:, k + 1].mean() == pytest.approx(table[:, k].std(), rel=0.1)


def test_the_same_seed_gives_the_same_bytes():
    frame = pd.DataFrame(np.random.default_rng(1).integers(1, 6, (30, 3)))
    one, two, other = (agreement(frame, scale="ordinal", seed=seed, replicates=300).to_csv() for seed in (1, 1, 2))
    assert one == two != other


# --- what is advised ---------------------------------------------------------------------------------------


def advised(found):
    return found.frame.loc[found.frame["advised"], "coefficient"].tolist()


def test_prevalence_paradox_is_named_in_both_languages():
    first = [1] * 80 + [1] * 10 + [0] * 5 + [0] * 5
    second = [1] * 80 + [0] * 10 + [1] * 5 + [0] * 5
    found = agreement(pd.DataFrame({"a": first, "b": second}))
    assert advised(found) == ["agreement", "ac1"]
    assert "raters agree in 85% of pairs, yet Cohen's kappa is 0.32: 88% of all ratings are 1" in found.advice["en"]
    zh = found.in_language("zh").sentence()
    assert "Cohen κ 却只有 0.32" in zh
    assert "宜报告 AC1" in zh
    assert ". " not in zh


@pytest.mark.parametrize(
    ("columns", "scale", "gaps", "want"),
    [(2, "nominal", False, ["agreement", "cohen"]), (3, "nominal", False, ["agreement", "fleiss"]),
     (3, "nominal", True, ["agreement", "alpha"]), (2, "ordinal", False, ["cohen_quadratic"]), (3, "ordinal", False, ["alpha"]),
     (3, "interval", False, ["icc2_1", "icc2_k"]), (3, "interval", True, ["alpha"])],
)  # fmt: skip
def test_what_is_advised_follows_the_design(columns, scale, gaps, want):
    table = np.random.default_rng(3).integers(1, 4, (25, 1)).astype(float) + np.zeros(columns)
    table[:6] += np.random.default_rng(4).integers(0, 2, (6, columns))
    if gaps:
        table[10, 0] = np.nan
    assert advised(agreement(pd.DataFrame(table), scale=scale, replicates=100)) == want


def test_raters_without_names_have_no_icc_of_their_severity():
    long = pd.DataFrame({"visit": list("AABBCCDD"), "score": [1, 2, 3, 3, 5, 4, 2, 2]})
    found = agreement(long, units="visit", value="score", scale="interval", replicates=100)
    assert advised(found) == ["icc1_1", "icc1_k"]
    assert "icc2_1" not in set(found.frame["coefficient"])


def test_disagreements_come_worst_first():
    frame = pd.DataFrame(
        {"visit": list("ABC"), "Li": ["yes", "no", "no"], "Wu": ["yes", "yes", "no"], "Xu": ["yes", "no", "yes"]}
    )
    listed = agreement(frame, units="visit", replicates=100).disagreements()
    assert listed["unit"].tolist()[-1] == "A"
    assert listed["apart"].tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    assert listed.loc[0, ["Li", "Wu", "Xu"]].tolist() == ["no", "yes", "no"]


def test_the_table_reads_in_both_languages():
    found = agreement(pd.DataFrame({"a": [1, 2, 3, 1, 2], "b": [1, 2, 3, 2, 2]}), scale="ordinal", replicates=100)
    assert "Agreement between raters (ordinal scale)" in found.to_string()
    zh = found.in_language("zh").to_string()
    assert "评分者一致性（顺序尺度）" in zh
    assert "Cohen κ（平方加权）" in zh
    assert "整单位自助抽样" in zh
    assert "bootstrap" not in zh
    assert ";" not in zh


# --- bad input ---------------------------------------------------------------------------------------------


def test_one_category_for_all_is_said_in_words():
    found = agreement(pd.DataFrame({"a": ["yes"] * 5, "b": ["yes"] * 5}))
    assert found.estimate("agreement").value == 1
    assert advised(found) == ["agreement"]
    assert np.isnan(found.estimate("cohen").value)
    assert "nothing beyond chance" in found.estimate("cohen").reason
    assert "所有评分相同" in found.in_language("zh").sentence()


def test_a_category_that_nobody_used_may_be_named():
    frame = pd.DataFrame({"a": ["yes"] * 5, "b": ["yes"] * 5})
    found = agreement(frame, categories=["no", "yes"])
    assert found.estimate("ac1").value == 1
    assert np.isnan(found.estimate("cohen").value)
    with pytest.raises(DataError, match="not among categories no, maybe") as error:
        agreement(frame, categories=["no", "maybe"])
    assert len(error.value.cases) == 10


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (pd.DataFrame({"a": [1, 2, 3]}), {}, "two raters"),
        (pd.DataFrame({"a": [1.0, np.nan], "b": [np.nan, 1.0]}), {}, "nobody shares a unit"),
        (pd.DataFrame({"a": [1], "b": [2]}), {}, "only one unit"),
        (pd.DataFrame({"a": [1, 2, "x"], "b": [1, 2, 3]}), {"scale": "interval"}, "no number: 'x' of unit 2, rater a"),
        (pd.DataFrame({"a": [1, -2, 3], "b": [1, 2, 3]}), {"scale": "ratio"}, "no number of 0 or more"),
        (pd.DataFrame({"u": list("AAB"), "r": list("xxy"), "v": [1, 2, 1]}), {"units": "u", "raters": "r", "value": "v"}, "not the only one"),
        (pd.DataFrame({"u": list("AAB"), "a": [1, 2, 1], "b": [1, 2, 1]}), {"units": "u"}, "no unit or the same one"),
        (pd.DataFrame({"u": ["A", None], "v": [1, 2]}), {"units": "u", "value": "v"}, "name no u"),
        (pd.DataFrame({"a": [1, 2], "b": [1, 2]}), {"raters": ["a", "c"]}, "no column 'c'"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used_are_refused_with_what_to_do(frame, options, message):
    with pytest.raises(DataError, match=message):
        agreement(frame, **options)


def test_wrong_arguments_are_refused():
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 2]})
    with pytest.raises(SpecError, match="the measurement is scale='ordinal'"):
        agreement(frame, level="ordinal")
    with pytest.raises(SpecError, match="scale='metric' is not known"):
        agreement(frame, scale="metric")
    with pytest.raises(SpecError, match="replicates=10"):
        agreement(frame, replicates=10)


def test_a_rater_who_shares_nothing_is_left_out_and_named():
    frame = pd.DataFrame({"a": [1, 2, 1, np.nan], "b": [1, 2, 2, np.nan], "c": [np.nan, np.nan, np.nan, 2]})
    found = agreement(frame, replicates=100)
    assert found.ratings.apart == ("c",)
    assert found.ratings.alone == 1
    assert "shared no unit with anybody: c" in found.note()
    assert "1 unit with fewer than two ratings left out" in found.note()
    assert "未与他人共评任何单位的评分者：c" in found.in_language("zh").note()


def test_measurements_with_many_values_have_no_kappa_but_alpha_and_icc():
    scores = np.random.default_rng(2).normal(70, 8, (40, 1)) + np.random.default_rng(3).normal(0, 3, (40, 3))
    found = agreement(pd.DataFrame(scores), scale="interval", replicates=100)
    assert {"alpha", "icc2_1", "kendall_w"} <= set(found.frame["coefficient"])
    assert not {"fleiss", "agreement", "ac2"} & set(found.frame["coefficient"])
    assert found.estimate("alpha").value == pytest.approx(found.estimate("icc1_1").value, abs=0.02)


def test_raters_who_contradict_each_other_have_no_reliability_of_their_mean():
    found = agreement(pd.DataFrame({"a": [1, 0, 1], "b": [1, 1, 0]}), scale="interval", replicates=100)
    assert found.estimate("icc3_1").value == pytest.approx(-0.5)
    assert found.estimate("icc3_k").value == pytest.approx(-2)
    assert np.isnan(found.estimate("icc2_k").value)
    assert "at its lowest" in found.estimate("icc2_k").reason
    flat = agreement(pd.DataFrame({"a": [1, 0, 1, 0], "b": [0, 1, 0, 1]}), scale="interval", replicates=100)
    assert np.isnan(flat.estimate("icc1_1").value)
    assert flat.estimate("icc1_1").reason == "units or ratings do not vary"


# --- units in clusters -------------------------------------------------------------------------------------


def halo(generator, pairs=60, items=15):
    """Items of double visits: in four of ten pairs the second inspector guesses at four of ten items."""
    rows = []
    for pair in range(pairs):
        careless = generator.random() < 0.4
        for item in range(items):
            first = generator.random() < 0.7
            second = first if not careless or generator.random() < 0.6 else generator.random() < 0.5
            rows += [(f"{pair} {item}", pair, 1, int(first)), (f"{pair} {item}", pair, 2, int(second))]
    return pd.DataFrame(rows, columns=["unit", "pair", "rater", "value"])


def double(frame, **options):
    return agreement(frame, units="unit", raters="rater", value="value", **options)


def test_a_cluster_per_unit_is_the_error_by_units():
    frame = halo(np.random.default_rng(1))
    by_unit, alone = double(frame), double(frame.assign(own=frame["unit"]), clusters="own")
    for name in ("agreement", "cohen", "ac1", "alpha"):
        a, b = (found.frame.set_index("coefficient").loc[name] for found in (by_unit, alone))
        assert b["value"] == a["value"]
        assert b["se"] == pytest.approx(a["se"], rel=0.03)


def test_the_jackknife_of_a_share_is_the_clustered_error_of_its_mean():
    import statsmodels.api as sm

    frame = halo(np.random.default_rng(2))
    wide = frame.pivot(index=["pair", "unit"], columns="rater", values="value").reset_index()
    agreed = (wide[1] == wide[2]).astype(float)
    fitted = sm.OLS(agreed, np.ones(len(agreed))).fit(cov_type="cluster", cov_kwds={"groups": wide["pair"]})
    row = double(frame, clusters="pair").frame.set_index("coefficient").loc["agreement"]
    assert row["se"] == pytest.approx(float(fitted.bse.iloc[0]), rel=0.01)


def test_intervals_by_item_are_too_narrow_and_those_by_double_visit_hold():
    truth = double(halo(np.random.default_rng(99), 2500), replicates=100).estimate("cohen").value
    generator, held = np.random.default_rng(3), [0, 0]
    for _ in range(60):
        frame = halo(generator)
        for k, options in enumerate(({}, {"clusters": "pair"})):
            row = double(frame, replicates=100, **options).frame.set_index("coefficient").loc["cohen"]
            held[k] += int(row["low"] <= truth <= row["high"])
    assert held[0] < 52  # about 77%
    assert held[1] >= 53


def test_clusters_are_told_and_faults_of_theirs_named():
    frame = halo(np.random.default_rng(4), 12)
    found = double(frame, clusters="pair")
    assert "errors from leaving out one of 12 clusters at a time (jackknife)" in found.note()
    assert "误差按 12 个群逐一剔除估计" in found.in_language("zh").note()
    assert "bootstrap" not in found.note()
    with pytest.raises(DataError, match="units lie in no pair or in several") as caught:
        double(frame.assign(pair=np.arange(len(frame))), clusters="pair")
    assert len(caught.value.cases) == 180
    with pytest.raises(DataError, match="one pair only"):
        double(frame.assign(pair=1), clusters="pair")
    with pytest.raises(SpecError, match="needs units="):
        agreement(pd.DataFrame({"a": [1, 0, 1], "b": [1, 0, 0]}), clusters="a")


def timed_visits(generator, visits=12, items=20):
    """Times of two raters: items differ, and on some days a rater is slow with everything."""
    visit, item = np.repeat(np.arange(visits), items), np.tile(np.arange(items), visits)
    truth = generator.normal(0, 1, len(visit))
    halo = generator.normal(0, 0.6, (visits, 2))[visit]
    seen = truth[:, None] + halo + generator.normal(0, 0.5, (len(visit), 2))
    return pd.DataFrame({
        "unit": np.repeat([f"{v} {i}" for v, i in zip(visit, item, strict=True)], 2), "pair": np.repeat(visit, 2),
        "rater": np.tile([1, 2], len(visit)), "value": seen.ravel(),
    })  # fmt: skip


def test_intraclass_correlations_take_the_clusters_too():
    """True ICC(2,1) from the variances: 1/(1 + .36 + .25)."""
    generator, held, narrow = np.random.default_rng(6), 0, 0
    for _ in range(40):
        frame = timed_visits(generator)
        for k, options in enumerate(({}, {"clusters": "pair"})):
            row = (
                double(frame, scale="interval", replicates=100, **options).frame.set_index("coefficient").loc["icc2_1"]
            )
            inside = row["low"] <= 1 / 1.61 <= row["high"]
            held, narrow = held + inside * k, narrow + inside * (1 - k)
        assert row["method"] == "clusters"
    assert held >= 33  # of 300 studies like these 89% (94% with 30 clusters)
    assert narrow < 33  # 72%


def test_perfect_agreement_has_no_interval_and_says_why():
    same = pd.DataFrame({"a": [1, 0] * 10, "b": [1, 0] * 10})
    found = agreement(same)
    frame = found.frame.set_index("coefficient")
    for name in ("cohen", "ac1", "alpha"):
        assert frame.loc[name, "value"] == 1
        assert frame.loc[name, ["low", "high"]].isna().all()
        assert frame.loc[name, "reason"] == "no variance"
    assert frame.loc["agreement", "low"] < 0.9  # Wilson's
    three = agreement(same.assign(c=same["a"])).frame.set_index("coefficient")
    assert three.loc["agreement", "reason"] == "no variance"
    assert "Cohen's kappa 1.00 (no interval, 20 units)" in found.sentence()
    assert "so no interval" in str(found)
    assert "无区间" in str(found.in_language("zh"))
