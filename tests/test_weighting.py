"""Weights of an index by experts and by the data's own structure, combined and side by side.

Authorities: AHPy and Saaty (2008) for comparisons in pairs, pymcdm and R for entropy, CRITIC, standard deviation and three recipes of
principal components (reference files), simulated random matrices for Saaty's random index, scipy and numpy for rank correlations and
t intervals. Identities: multiplying a column, the order of rows and columns, columns that are equal, consistent matrices.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual.index_weights import (
    Ahp,
    Delphi,
    Entropy,
    Points,
    PrincipalComponents,
    combine_weights,
    compare_weights,
    component_weights,
    consistency,
    critic_weights,
    eigenvector_weights,
    entropy_weights,
    fit_index_weights,
    geometric_weights,
    index_weights,
    read_pairwise,
    spread_weights,
)
from servqual.index_weights.pairwise import RANDOM_INDEX, aggregated
from survey_design.errors import DataError, SpecError
from survey_design.plots.sheet import new_axes

NAMES = ["care", "speed", "price"]
LABELS = {
    "care": {"en": "care", "zh": "关怀"},
    "speed": {"en": "speed", "zh": "速度"},
    "price": {"en": "price", "zh": "价格"},
}
POINTS = pd.DataFrame(
    {"who": ["A", "B", "C", "D"], "care": [50, 40, 60, 45], "speed": [30, 40, 25, 30], "price": [20, 20, 15, 25]}
)
ODD = [[1, 2, 9], [None, 1, "1/4"], [None, None, 1]]
KERNELS = [entropy_weights, critic_weights, spread_weights, *(
    lambda x, recipe=recipe: component_weights(x, recipe).weights for recipe in ("retained", "first", "oecd"))]  # fmt: skip


def units(n=40, seed=0, k=3):
    rng = np.random.default_rng(seed)
    values = 60 + 5 * (rng.normal(size=(n, 1)) + rng.normal(size=(n, k)) * np.linspace(0.5, 2, k))
    return pd.DataFrame(values, columns=[f"i{j}" for j in range(k)], index=[f"S{i:02}" for i in range(n)])


# --- reference numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["saaty2008_drinks", "servqual_judge1", "servqual_judge2"])
def test_comparisons_in_pairs_meet_the_reference(shared, which):
    oracle = shared.oracle("weights_ahp.json")
    given_, want, off = oracle["matrices"][which], oracle["results"][which], oracle["tolerance"]["abs"]
    table = pd.DataFrame(given_["values"], index=given_["rows"], columns=given_["cols"])
    for vector, key in (("eigenvector", "weights_eigen"), ("geometric_mean", "weights_geometric_mean")):
        found = index_weights(table, method=Ahp(vector=vector))
        assert found.weights().to_dict() == pytest.approx(want[key], abs=off)
    line = found.consistency.frame.iloc[0]
    told = {"lambda_max": "lambda_max", "ci": "CI", "ri": "RI", "cr": "CR", "gci": "GCI"}
    assert {theirs: line[ours] for ours, theirs in told.items()} == pytest.approx(
        {key: want[key] for key in told.values()}, abs=off
    )


def test_groups_of_experts_meet_the_reference(shared):
    oracle = shared.oracle("weights_ahp.json")
    tables = {name: pd.DataFrame(m["values"], index=m["rows"], columns=m["cols"])
              for name, m in oracle["matrices"].items() if "judge" in name}  # fmt: skip
    want, off = oracle["results"], oracle["tolerance"]["abs"]
    joint = index_weights(tables, method="ahp")
    assert joint.weights().to_dict() == pytest.approx(want["servqual_group_aij_geometric"]["weights_eigen"], abs=off)
    group = joint.consistency.frame.iloc[-1]
    assert [group["cr"], group["gci"]] == pytest.approx(
        [want["servqual_group_aij_geometric"][key] for key in ("CR", "GCI")], abs=off
    )
    apart = index_weights(tables, method=Ahp(group="aip"))
    assert apart.weights().to_dict() == pytest.approx(want["servqual_group_aip_arithmetic"], abs=off)


def test_saatys_drinks_as_printed(shared):
    oracle = shared.oracle("weights_ahp.json")
    m, printed = oracle["matrices"]["saaty2008_drinks"], oracle["published"]["saaty2008_drinks"]
    found = index_weights(pd.DataFrame(m["values"], index=m["rows"], columns=m["cols"]), method="ahp")
    off = oracle["tolerance"]["published_abs"]
    assert found.weights().to_dict() == pytest.approx(printed["weights"], abs=off)
    assert found.consistency.frame["cr"].iloc[0] == pytest.approx(printed["CR"], abs=off)


@pytest.mark.parametrize("data", ["toy", "bank"])
def test_weights_from_data_meet_the_reference(shared, data):
    oracle = shared.oracle("weights_objective.json")
    want, off = oracle["results"][data], oracle["tolerance"]["abs"]
    if data == "toy":
        table = pd.DataFrame(oracle["toy_matrix"], columns=list(want["entropy"]))
    else:
        bank = shared.frame("bank_satisfaction.csv")
        scales = {name: [c for c in bank.columns if c.upper().startswith(name)] for name in want["entropy"]}
        table = pd.DataFrame({name: bank[columns].mean(axis=1) for name, columns in scales.items()})
    methods = {"entropy": "entropy", "critic": "critic", "sd": "sd", "pc1": PrincipalComponents("first"),
               "pca_variance_weighted": "pca", "oecd": PrincipalComponents("oecd")}  # fmt: skip
    for key, method in methods.items():
        found = index_weights(table, method=method, replicates=0)
        assert found.weights().to_dict() == pytest.approx(want[key], abs=off), key
    about = index_weights(table, method="pca", replicates=0).components.frame
    assert about["eigenvalue"].tolist() == pytest.approx(want["eigenvalues"], abs=1e-9)
    assert about["retained"].sum() == want["n_retained"]
    entropy = index_weights(table, method="entropy", replicates=0).frame.set_index("indicator")["entropy"]
    assert entropy.to_dict() == pytest.approx(want["entropy_values"], abs=off)


def test_rule_41_entropy_of_three_columns():
    table = pd.DataFrame({"a": [0.9, 0.8, 0.7, 0.6], "b": [0.5] * 4, "c": [0.7, 0.2, 0.9, 0.4]})
    found = index_weights(table, method="entropy", replicates=0)
    assert found.frame["weight"].round(4).tolist() == [0.0801, 0.0, 0.9199]
    assert found.frame["reason"].tolist() == ["", "constant", ""]
    assert "权重为 0" in found.in_language("zh").to_string()


def test_rule_15_the_three_ways_of_weighing_are_there():
    table = units()
    shares = pd.DataFrame(np.full((3, 3), 100 / 3).round(4), columns=list(table))
    for method, given_ in (("points", shares), ("pca", table), ("entropy", table)):
        assert index_weights(given_, method=method, replicates=0).weights().sum() == pytest.approx(1)


@pytest.mark.parametrize("k", [4, 5, 8, 12, 15])
def test_random_indices_are_those_of_random_matrices(k):
    rng = np.random.default_rng(k)
    scale = np.r_[1 / np.arange(9, 1, -1), np.arange(1, 10)]
    upper = np.triu(rng.choice(scale, (1500, k, k)), 1)
    lower = np.divide(1, upper, out=np.zeros_like(upper), where=upper > 0).transpose(0, 2, 1)
    found = ((np.linalg.eigvals(upper + lower + np.eye(k)).real.max(axis=1) - k) / (k - 1)).mean()
    assert abs(found - RANDOM_INDEX[k - 1]) < 0.07  # tables printed since differ by up to .06


# --- identities --------------------------------------------------------------------------------------------

tables = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed).uniform(1, 9, (12, 4)))


@settings(max_examples=20, deadline=None)
@given(tables, st.lists(st.floats(0.01, 1000), min_size=4, max_size=4))
def test_units_of_measurement_do_not_matter(x, factors):
    for kernel in KERNELS:
        np.testing.assert_allclose(kernel(x * np.array(factors)), kernel(x), atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(tables, st.permutations(range(4)), st.permutations(range(12)))
def test_order_of_rows_and_columns_does_not_matter(x, columns, rows):
    for kernel in KERNELS:
        np.testing.assert_allclose(kernel(x[rows][:, columns]), kernel(x)[columns], atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(tables)
def test_weights_are_0_or_more_and_sum_to_1_and_equal_columns_weigh_the_same(x):
    twice, flat = np.column_stack([x, x[:, 0]]), np.column_stack([x, np.full(len(x), 3.0)])
    for kernel in KERNELS:
        assert kernel(x).sum() == pytest.approx(1)
        assert (kernel(x) >= 0).all()
        assert kernel(twice)[0] == pytest.approx(kernel(twice)[-1], abs=1e-8)
        np.testing.assert_allclose(kernel(flat), [*kernel(x), 0], atol=1e-9)


def test_adding_a_constant_changes_entropy_but_nothing_else():
    x = units().to_numpy()
    for kernel in KERNELS[1:]:
        np.testing.assert_allclose(kernel(x + 50), kernel(x), atol=1e-9)
    assert np.abs(entropy_weights(x + 50) - entropy_weights(x)).max() > 0.001


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.05, 20), min_size=3, max_size=8))
def test_a_consistent_matrix_gives_its_weights_back(amounts):
    w = np.array(amounts) / np.sum(amounts)
    matrix = w[:, None] / w
    np.testing.assert_allclose(eigenvector_weights(matrix)[0], w, atol=1e-9)
    np.testing.assert_allclose(geometric_weights(matrix), w, atol=1e-9)
    about = consistency(matrix)
    assert about.cr == pytest.approx(0, abs=1e-9)
    assert about.gci == pytest.approx(0, abs=1e-9)
    gaps = matrix.copy()
    gaps[0, 2] = gaps[2, 0] = np.nan  # the way over the second indicator is left
    np.testing.assert_allclose(eigenvector_weights(gaps)[0], w, atol=1e-8)
    np.testing.assert_allclose(geometric_weights(gaps), w, atol=1e-8)


def test_geometric_weights_of_a_group_are_the_same_either_way():
    rng = np.random.default_rng(4)
    matrices = []
    for _ in range(3):
        upper = np.triu(rng.choice([1 / 3, 1, 2, 5], (4, 4)), 1)
        matrices.append(upper + np.eye(4) + np.tril(1 / np.where(upper > 0, upper, 1).T, -1))
    each = np.exp(np.mean([np.log(geometric_weights(m)) for m in matrices], axis=0))
    np.testing.assert_allclose(geometric_weights(aggregated(matrices)), each / each.sum(), atol=1e-12)


# --- experts -----------------------------------------------------------------------------------------------


def test_points_have_means_t_intervals_and_agreement():
    found = index_weights(POINTS, method="points", unit="who", labels=LABELS)
    shares = POINTS[NAMES] / 100
    assert found.weights().to_dict() == pytest.approx(shares.mean().to_dict())
    low, high = stats.t.interval(0.95, 3, shares["care"].mean(), stats.sem(shares["care"]))
    assert found.row("care")[["low", "high"]].tolist() == pytest.approx([low, high])
    assert found.row("care")["cv"] == pytest.approx(stats.variation(shares["care"], ddof=1))
    chi2 = stats.friedmanchisquare(*[shares[name] for name in NAMES]).statistic
    assert f"W = {chi2 / (4 * 2):.2f}" in found.note()
    assert found.estimate("care").n == 4
    text = found.in_language("zh").to_string()
    assert "关怀" in text
    assert "Kendall 和谐系数" in text


def test_medians_are_shared_out_again():
    found = index_weights(POINTS, method=Points(average="median"), unit="who")
    middle = POINTS[NAMES].median()
    assert found.weights().to_dict() == pytest.approx((middle / middle.sum()).to_dict())
    assert found.frame["low"].isna().all()


def test_one_expert_has_no_interval_and_it_is_said():
    found = index_weights(POINTS.head(1), method="points", unit="who")
    assert found.frame["low"].isna().all()
    assert "one expert" in found.note()
    assert "只有一名专家" in found.in_language("zh").note()


def test_experts_who_all_say_the_same_have_no_interval():
    found = index_weights(pd.DataFrame([[50, 30, 20]] * 3, columns=NAMES), method="points")
    assert found.frame["low"].isna().all()
    assert set(found.frame["reason"]) == {"unanimous"}


def test_points_that_do_not_sum_to_100_are_listed_with_all_other_faults():
    bad = POINTS.assign(care=[50, 45, None, -5])
    with pytest.raises(DataError, match="must be 100 points") as caught:
        index_weights(bad, method="points", unit="who")
    assert sorted(zip(caught.value.cases["row"], caught.value.cases["column"], strict=True)) == [
        (3, "(sum)"), (4, "care"), (5, "care")]  # fmt: skip
    shared_out = index_weights(POINTS.assign(care=[100, 80, 120, 90]), method=Points(rescale=True), unit="who")
    assert shared_out.weights().sum() == pytest.approx(1)


def test_delphi_says_round_by_round_whether_to_go_on():
    rounds = pd.concat([POINTS.assign(round=1, care=[70, 20, 60, 30], speed=[10, 70, 20, 20], price=[20, 10, 20, 50]),
                        POINTS.head(3).assign(round=2)])  # fmt: skip
    found = index_weights(rounds, method=Delphi(cv=0.1), unit="who")
    progress = found.rounds.frame
    assert progress["n"].tolist() == [4, 3]
    assert progress["met"].tolist() == [False, False]
    assert found.n_dropped == 1
    last = POINTS.head(3)[NAMES]
    assert found.weights().to_dict() == pytest.approx((last.mean() / 100).to_dict())
    assert progress["cv"].iloc[1] == pytest.approx((last.std() / last.mean()).max())
    wide = (last.quantile(0.75) - last.quantile(0.25)).max() / 100
    assert progress["quartile_range"].iloc[1] == pytest.approx(wide)
    chi2 = stats.friedmanchisquare(*[last[name] for name in NAMES]).statistic
    assert progress["w"].iloc[1] == pytest.approx(chi2 / (3 * 2))
    assert "尚未达到停止规则" in found.in_language("zh").note()
    easier = index_weights(rounds, method="delphi", unit="who")
    assert easier.rounds.frame["met"].tolist() == [False, True]
    assert len(found.rounds.detail) == 6
    with pytest.raises(DataError, match="the same expert again"):
        index_weights(pd.concat([POINTS, POINTS]).assign(round=1), method="delphi", unit="who")


def test_agreement_after_rounds_is_not_called_precision():
    rounds = pd.concat([POINTS.assign(round=1), POINTS.head(3).assign(round=2)])
    after = index_weights(rounds, method="delphi", unit="who")
    once = index_weights(POINTS.assign(round=1), method="delphi", unit="who")
    assert "they know each other's answers, so it shows how far they agree" in after.note()
    assert "区间反映一致程度" in after.in_language("zh").note()
    assert (
        "1 of the earlier rounds did not answer the last: some of the agreement may be that of those who stayed"
        in after.note()
    )
    assert "taken as drawn at random" in once.note()
    assert "know each other" not in once.note()


def test_experts_who_only_repeat_each_other_get_a_narrow_interval_wherever_the_truth_is():
    rng, truth = np.random.default_rng(8), np.array([0.5, 0.3, 0.2])
    inside = []
    for _ in range(60):
        first = rng.dirichlet(truth * 30, 8)
        last = first.mean(axis=0) + 0.1 * (first - first.mean(axis=0))  # everybody moves towards the mean
        rows = [{"who": f"X{k}", "round": r, **dict(zip(NAMES, 100 * part[k], strict=True))}
                for r, part in ((1, first), (2, last)) for k in range(8)]  # fmt: skip
        found = index_weights(pd.DataFrame(rows), method="delphi", unit="who", replicates=0).frame
        inside.append(((found["low"] <= truth) & (truth <= found["high"])).mean())
    assert np.mean(inside) < 0.4  # far from 95%: why the note says what it says


def test_too_few_comparisons_to_contradict_are_not_called_consistent():
    tree = [[1, 2, None], [None, 1, 3], [None, None, 1]]  # two comparisons of three indicators
    found = index_weights(tree, method="ahp", indicators=NAMES)
    assert found.consistency.frame["spare"].tolist() == [0]
    assert found.consistency.sentence() == "No comparison is more than weights need: consistency can't be judged."
    assert "consistent enough" not in found.note()
    assert "无法判断是否一致" in found.in_language("zh").note()
    whole = index_weights([[1, 2, 6], [None, 1, 3], [None, None, 1]], method="ahp", indicators=NAMES)
    assert whole.consistency.frame["spare"].tolist() == [1]
    assert whole.consistency.sentence() == "All comparisons are consistent enough."


NAMED_ROUNDS = [["第一轮", "第二轮", "第三轮"], ["Round 8", "Round 9", "Round 10"], ["9", "10", "11"], ["before", "talk", "after"], ["2026-03-01", "2026-04-01", "2026-05-01"],
                ["第十轮", "第十一轮", "第二十轮"], [pd.Timestamp("2026-03-01"), pd.Timestamp("2026-04-01"), pd.Timestamp("2026-05-01")]]  # fmt: skip


@pytest.mark.parametrize("names", NAMED_ROUNDS, ids=str)
def test_the_last_round_counts_however_rounds_are_named(names):
    """Truth: 'care' has 20 points in the first round, 40 in the second, 60 in the last."""
    rows = [
        (who, which, points, 100 - points) for points, which in zip((20, 40, 60), names, strict=True) for who in "AB"
    ]
    table = pd.DataFrame(rows, columns=["who", "round", "care", "speed"])
    order = [0, 4, 2, 1, 5, 3] if names[0] != "before" else range(6)  # rows in any order, where names say it themselves
    found = index_weights(table.iloc[list(order)], method="delphi", unit="who")
    assert found.weights()["care"] == pytest.approx(0.6)
    assert found.rounds.frame["round"].tolist() == names
    assert found.rounds.detail.query("indicator == 'care'")["mean"].tolist() == pytest.approx([0.2, 0.4, 0.6])
    for told in (found.note(), found.in_language("zh").note(), found.rounds.in_language("zh").sentence()):
        assert not any(wrong in told.lower() for wrong in ("round round", "第 第", "轮 轮"))
    shown = "round 11 of 3" if names[0] == "9" else str(names[-1])
    assert shown in found.note()
    assert ("as they stand in the table" in found.note()) == (names[0] == "before")


def test_rounds_that_share_a_number_stand_as_they_appear():
    rows = [(who, which, 50, 50) for which in ("pilot 1", "main 1") for who in "AB"]
    found = index_weights(pd.DataFrame(rows, columns=["who", "round", "care", "speed"]), method="delphi", unit="who")
    assert found.rounds.frame["round"].tolist() == ["pilot 1", "main 1"]
    with pytest.raises(SpecError, match=r"no column 'round'.*Delphi\(round="):
        index_weights(POINTS, method="delphi", unit="who")


def test_a_file_of_comparisons_is_read_and_its_first_column_names_the_rows(tmp_path):
    matrix = pd.DataFrame([[1, "1/3", 2], [3, 1, 4], ["1/2", "1/4", 1]], index=NAMES, columns=NAMES)
    path = tmp_path / "ahp.csv"
    matrix.to_csv(path, encoding="utf-8-sig")
    right = index_weights(matrix, method="ahp").frame
    for given_as in (path, str(path), pd.read_csv(path), {"A": path}):
        found = index_weights(given_as, method="ahp").frame
        pd.testing.assert_frame_equal(found, right)
    points = tmp_path / "points.csv"
    POINTS.to_csv(points, index=False)
    assert (
        index_weights(points, method="points", unit="who")
        .weights()
        .equals(index_weights(POINTS, method="points", unit="who").weights())
    )
    with pytest.raises(DataError, match="pass unit='who'"):
        index_weights(POINTS, method="points")
    with pytest.raises(DataError, match=r"care of 'B' \(row 3\) is blank: write 0"):
        index_weights(POINTS.astype({"care": float}).replace({"care": {40.0: np.nan}}), method="points", unit="who")


def test_contradictions_ties_and_comparisons_beyond_the_scale_are_said():
    """9 in a circle of three: all three tie by symmetry, and CR = (λ − k)/(k − 1)/RI = 2.38 with λ = 10.43."""
    z = [[1, 9, "1/9", 1], ["1/9", 1, 9, 1], [9, "1/9", 1, 1], [1, 1, 1, 1]]
    found = index_weights(pd.DataFrame(z, list("abcd"), list("abcd")), method="ahp")
    value = found.consistency.frame["lambda_max"][0]
    assert found.consistency.frame["cr"][0] == pytest.approx((value - 4) / 3 / 0.90)
    assert found.sentence().startswith("AHP: most on a, b and c 0.301 each, least on d 0.096. ")
    assert "contradict themselves too much (CR 2.38)" in found.sentence()
    zh = found.in_language("zh").sentence()
    assert "a、b、c 各 0.301" in zh
    assert "自相矛盾过多（CR 2.38）" in zh
    alike = index_weights([[1, 1], [1, 1]], method="ahp", indicators=["a", "b"])
    assert alike.sentence() == "AHP: all weigh the same, 0.500."
    far = index_weights({"A": [[1, 20], [None, 1]], "B": [[1, "1/12"], [None, 1]]}, method="ahp", indicators=["a", "b"])
    assert "2 comparisons beyond Saaty's scale of 1 to 9: 20 for a against b by A is the farthest" in far.note()
    assert "2 处比较超出 Saaty 的 1 至 9 标度，最大为 a对b = 20，专家 A" in far.in_language("zh").note()
    assert "beyond" not in index_weights([[1, 9], ["1/9", 1]], method="ahp", indicators=["a", "b"]).note()


# --- comparisons in pairs ----------------------------------------------------------------------------------


def test_a_matrix_may_be_whole_or_half_in_numbers_or_fractions():
    whole = [[1, 3, 5], [0.33, 1, 2], [0.2, 0.5, 1]]
    upper = [[1, "3", 5], [None, 1, "2"], [None, None, None]]
    lower = [[None, None, None], ["1/3", 1, None], ["１／５", "1/2", 1]]
    found = [read_pairwise(matrix, NAMES)[0] for matrix in (whole, upper, lower)]
    np.testing.assert_allclose(found[1], found[0])
    np.testing.assert_allclose(found[2], found[0])
    shuffled = pd.DataFrame(whole, index=NAMES, columns=NAMES).loc[NAMES[::-1], NAMES[::-1]]
    np.testing.assert_allclose(read_pairwise(shuffled, NAMES)[0], found[0])


def test_all_cells_that_are_not_reciprocal_are_listed():
    bad = pd.DataFrame(
        [[1, 3, 5, 2], [1 / 2, 1, 2, 2], [1 / 5, 2, 1, "x"], [0.5, 0.5, -1, 2]],
        index=list("abcd"),
        columns=list("abcd"),
    )
    with pytest.raises(DataError, match="not the reciprocal") as caught:
        index_weights({"Wang": bad}, method="ahp")
    cells = set(zip(caught.value.cases["row"], caught.value.cases["column"], strict=True))
    assert cells == {("b", "a"), ("c", "b"), ("c", "d"), ("d", "c"), ("d", "d")}
    assert set(caught.value.cases["expert"]) == {"Wang"}


def test_inconsistent_comparisons_are_flagged_and_the_worst_is_named():
    found = index_weights(
        {"Wang": [[1, 3, 5], [None, 1, 2], [None, None, 1]], "Li": ODD}, method="ahp", indicators=NAMES, labels=LABELS
    )
    rows = found.consistency.frame.set_index("expert")
    assert rows["flagged"].to_dict() == {"Wang": False, "Li": True, "(group)": True}
    assert rows.loc["Li", "cr"] > 0.10
    assert "Li" in found.consistency.sentence()
    assert "自相矛盾" in found.in_language("zh").note()
    mended = np.array(read_pairwise(ODD, NAMES)[0])
    i, j = NAMES.index(rows.loc["Li", "first"]), NAMES.index(rows.loc["Li", "second"])
    mended[i, j], mended[j, i] = rows.loc["Li", "fitting"], 1 / rows.loc["Li", "fitting"]
    assert consistency(mended).cr < rows.loc["Li", "cr"]


def test_missing_comparisons_have_weights_but_no_cr():
    gaps = [[1, 2, None, 8], [None, 1, 2, None], [None, None, 1, 2], [None, None, None, 1]]
    found = index_weights(gaps, method="ahp", indicators=list("abcd"))
    assert found.weights().round(6).tolist() == pytest.approx([8 / 15, 4 / 15, 2 / 15, 1 / 15], abs=1e-6)
    row = found.consistency.frame.iloc[0]
    assert row["missing"] == 2
    assert np.isnan(row["cr"])
    assert not row["flagged"]
    assert "pairs are missing" in found.note()
    with pytest.raises(DataError, match="never compared"):
        index_weights(
            [[1, 2, None, None], [None, 1, None, None], [None, None, 1, 3], [None] * 4],
            method="ahp",
            indicators=list("abcd"),
        )


# --- units -------------------------------------------------------------------------------------------------


def test_bootstrap_intervals_are_seeded_and_cover():
    table = units(60)
    one, two, other = (index_weights(table, method="critic", replicates=100, seed=seed) for seed in (3, 3, 4))
    assert one.to_csv() == two.to_csv() != other.to_csv()
    assert ((one.frame["low"] <= one.frame["weight"]) & (one.frame["weight"] <= one.frame["high"])).all()
    assert "100 samples (seed 3)" in one.note()
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 60, (100, 60))
    again = np.quantile([critic_weights(table.to_numpy()[chosen]) for chosen in rows], 0.025, axis=0)
    np.testing.assert_allclose(one.frame["low"], again)


def test_intervals_of_entropy_weights_hold_in_repeated_samples():
    rng = np.random.default_rng(8)

    def drawn(n):
        return np.column_stack([rng.gamma(20, 1, n), rng.gamma(10, 1, n), rng.gamma(30, 1, n)])

    truth = entropy_weights(drawn(400_000))
    inside = []
    for k in range(60):
        found = index_weights(pd.DataFrame(drawn(150), columns=NAMES), method="entropy", replicates=100, seed=k).frame
        inside.append((found["low"] <= truth) & (truth <= found["high"]))
    assert 0.85 < np.mean(inside) <= 1


def test_direction_turns_an_indicator_round():
    table = units()
    turned = table.assign(i1=100 - table["i1"])
    for method in ("critic", "pca", Entropy(rescale=True)):
        plain = index_weights(table, method=method, replicates=0).weights()
        other = index_weights(turned, method=method, better={"i1": "lower"}, replicates=0).weights()
        np.testing.assert_allclose(other, plain, atol=1e-9)
    unturned = index_weights(turned, method="pca", replicates=0)
    assert "against the others" in unturned.note()
    assert "i1（−" in unturned.in_language("zh").note()
    with pytest.raises(SpecError, match="rescale=True"):
        index_weights(turned, method="entropy", better={"i1": "lower"})


def test_gaps_are_counted_and_left_out():
    table = units().astype(object)
    table.iloc[3, 1] = table.iloc[5, 0] = None
    found = index_weights(table, method="entropy", replicates=0)
    assert (found.frame["n"].iloc[0], found.n_dropped) == (38, 2)
    whole = units().drop(index=["S03", "S05"])
    assert found.weights().tolist() == pytest.approx(entropy_weights(whole.to_numpy()).tolist())
    assert "2 with gaps left out" in found.note()


def test_negative_values_for_entropy_are_listed():
    table = units()
    table.iloc[2, 0], table.iloc[4, 2] = -1.0, -2.0
    with pytest.raises(DataError, match="below 0") as caught:
        index_weights(table, method="entropy")
    assert caught.value.cases[["unit", "row", "column", "value"]].to_numpy().tolist() == [
        ["S02", 4, "i0", -1.0],
        ["S04", 6, "i2", -2.0],
    ]
    assert index_weights(table, method=Entropy(rescale=True), replicates=0).weights().sum() == pytest.approx(1)


@pytest.mark.parametrize("method", ["entropy", "critic", "sd", "pca"])
def test_columns_that_are_all_constant_are_refused(method):
    with pytest.raises(DataError, match="the same in all 5 units"):
        index_weights(pd.DataFrame({"a": [1.0] * 5, "b": [2.0] * 5}), method=method)


def test_what_cannot_be_is_said():
    table = units()
    with pytest.raises(DataError, match="no column 'i9'"):
        index_weights(table, method="critic", indicators=["i0", "i9"])
    with pytest.raises(SpecError, match="no indicators"):
        index_weights(table, method="critic", better={"i9": "lower"})
    with pytest.raises(SpecError, match="Did you mean 'entropy'"):
        index_weights(table, method="entrop")
    with pytest.raises(SpecError, match="is no method"):
        index_weights(table, method=3)
    with pytest.raises(DataError, match="no number") as caught:
        index_weights(table.astype(object).assign(i1=["x", *table["i1"][1:]]), method="critic")
    assert caught.value.cases.loc[0, "value"] == "x"
    with pytest.raises(DataError, match="need 3"):
        index_weights(table.head(2), method="critic")
    with pytest.raises(SpecError, match="two or more"):
        index_weights(table[["i0"]], method="critic")
    with pytest.raises(SpecError, match="equal weights of what"):
        index_weights(5, method="equal")
    with pytest.raises(DataError, match="there twice: i0"):
        index_weights(table[["i0", "i0", "i1"]], method="critic")
    with pytest.raises(SpecError, match="name the column with the expert"):
        index_weights(POINTS.drop(columns="who").assign(round=1), method="delphi")
    with pytest.raises(SpecError, match="square"):
        index_weights([[1, 2, 3]], method="ahp")
    with pytest.raises(DataError, match="all say the same"):
        index_weights(pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 4, 6]}), method="critic", replicates=0)
    for wrong in (10, -1, True, 99.5):
        with pytest.raises(SpecError, match="replicates"):
            index_weights(table, method="critic", replicates=wrong)


def test_what_was_given_is_left_alone():
    table, points = units(), POINTS.copy()
    before = table.copy()
    index_weights(table, method="pca", replicates=50)
    index_weights(points, method="points", unit="who")
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(points, POINTS)


def test_weights_go_on_to_the_fit_to_customers():
    table = units(30).rename_axis("store").clip(0, 100)
    start = index_weights(table, method="sd", replicates=0).weights()
    told = pd.DataFrame({"store": table.index, "rating": table.mean(axis=1)})
    fitted = fit_index_weights(table, told, start=start, seed=1, replicates=50, shrink=np.inf)
    np.testing.assert_allclose(fitted.weights(), start)


# --- combined and compared ---------------------------------------------------------------------------------


def test_three_ways_of_combining():
    one, two = {"a": 0.5, "b": 0.3, "c": 0.2}, {"c": 0.6, "b": 0.3, "a": 0.1}
    first, second = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
    sets = {"one": one, "two": two}
    shares = {"one": 0.75, "two": 0.25}
    np.testing.assert_allclose(combine_weights(sets, shares=shares).weights(), 0.75 * first + 0.25 * second)
    product = first * second
    np.testing.assert_allclose(combine_weights(sets, rule="multiplicative").weights(), product / product.sum())
    power = first**0.75 * second**0.25
    np.testing.assert_allclose(combine_weights(sets, rule="geometric", shares=shares).weights(), power / power.sum())
    with pytest.raises(SpecError, match="no shares"):
        combine_weights(sets, rule="multiplicative", shares=shares)
    with pytest.raises(SpecError, match="two: weights"):
        combine_weights({"one": one, "two": {"a": 1.0, "x": 0.0}})
    with pytest.raises(DataError, match="nothing is left"):
        combine_weights({"one": {"a": 1.0, "b": 0.0}, "two": {"a": 0.0, "b": 1.0}}, rule="geometric")


@pytest.mark.parametrize("rule", ["additive", "geometric"])
def test_a_set_combined_with_itself_is_itself_with_its_interval(rule):
    one = index_weights(units(), method="entropy", replicates=100)
    both = combine_weights({"x": one, "y": one}, rule=rule)
    np.testing.assert_allclose(both.weights(), one.weights())
    np.testing.assert_allclose(both.frame[["low", "high"]], one.frame[["low", "high"]])


def test_combining_experts_and_data_carries_both_errors():
    table = units().set_axis(NAMES, axis=1)
    data = index_weights(table, method="entropy", replicates=200)
    people = index_weights(POINTS, method="points", unit="who", replicates=200)
    both = combine_weights({"points": people, "entropy": data})
    fixed = combine_weights({"points": people.weights(), "entropy": data})

    def width(found):
        return (found.frame["high"] - found.frame["low"]).mean()

    assert width(both) > width(fixed)
    assert "taken as fixed: points" in fixed.note()
    assert "taken as fixed" not in both.note()
    assert "视为固定" in fixed.in_language("zh").note()


def test_rankings_under_each_set_agree_with_scipy():
    table = units(25)
    sets = {"equal": index_weights(table, method="equal"), "entropy": index_weights(table, method="entropy", replicates=50),
            "mine": {"i0": 0.7, "i1": 0.2, "i2": 0.1}}  # fmt: skip
    found = compare_weights(sets, table, top=5)
    scores = {key: table.to_numpy() @ found.frame[key].to_numpy() for key in sets}
    for row in found.rankings.frame.to_dict("records"):
        first, second = scores[row["first"]], scores[row["second"]]
        assert row["spearman"] == pytest.approx(stats.spearmanr(first, second).statistic)
        assert row["kendall"] == pytest.approx(stats.kendalltau(first, second).statistic)
        places = [stats.rankdata(-each, method="min") for each in (first, second)]
        assert abs(row["places"]) == np.abs(places[0] - places[1]).max()
        assert row["top"] == len({*np.argsort(-first)[:5]} & {*np.argsort(-second)[:5]}) / 5
        where = list(table.index).index(row["furthest"])
        assert row["places"] == places[0][where] - places[1][where]
    assert found.units["places"].is_monotonic_decreasing
    assert found.frame["range"].tolist() == pytest.approx(np.ptp(found.frame[list(sets)].to_numpy(), axis=1).tolist())
    same = compare_weights({"a": sets["mine"], "b": sets["mine"]}, table)
    assert same.rankings.frame[["spearman", "top", "moved"]].to_numpy().tolist() == [[pytest.approx(1), 1, 0]]


def test_names_of_methods_stand_apart_from_chinese_words():
    sets = {method: index_weights(units(), method=method) for method in ("entropy", "critic")}
    told = compare_weights(sets, units()).in_language("zh").sentence()
    assert "CRITIC 法" in told
    assert "与CRITIC" not in told
    alone = index_weights(units(), method="critic", language="zh").sentence()
    assert "权重最大为 i" in alone


def test_comparisons_speak_both_languages_and_refuse_gaps():
    table = units(25)
    sets = {
        "equal": index_weights(table, method="equal"),
        "entropy": index_weights(table, method="entropy", replicates=50),
    }
    chinese = compare_weights(sets, table).in_language("zh")
    assert "熵权法" in chinese.to_string()
    assert "分歧最大" in chinese.sentence()
    assert "权重选择" in chinese.rankings.title()
    with pytest.raises(SpecError, match="two or more sets"):
        compare_weights({"equal": sets["equal"]})
    with pytest.raises(DataError, match="no column"):
        compare_weights(sets, table[["i0", "i1"]])
    gap = table.copy()
    gap.iloc[0, 0] = np.nan
    assert compare_weights(sets, gap).n_dropped == 1
    with pytest.raises(SpecError, match="top="):
        compare_weights(sets, table, top=26)


# --- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_show_what_the_tables_say(language):
    table = units(25).set_axis(NAMES, axis=1)
    people = index_weights(POINTS, method="points", unit="who", labels=LABELS, language=language)
    data = index_weights(table, method="entropy", replicates=50, labels=LABELS, language=language)
    ax = people.plot(new_axes())
    named = {each.get_label(): each for each in ax.collections}
    np.testing.assert_allclose(named["estimate"].get_offsets()[:, 0], people.frame["weight"])
    found = compare_weights({"points": people, "entropy": data}, table, language=language)
    ax = found.plot(new_axes())
    named = {each.get_label(): each for each in ax.collections}
    assert [*named] == ["equal line", "points interval", "points", "entropy interval", "entropy"]
    np.testing.assert_allclose(named["entropy"].get_offsets()[:, 0], found.frame["entropy"])
    ahp = index_weights(
        {"A": [[1, 3, 5], [None, 1, 2], [None, None, 1]], "B": ODD}, method="ahp", indicators=NAMES, language=language
    )
    ax = ahp.consistency.plot(new_axes())
    named = {each.get_label(): each for each in ax.collections}
    assert len(named["within"].get_offsets()) == 1
    assert (named["above"].get_offsets()[:, 0] > 0.1).all()


def test_too_many_sets_for_one_picture_are_refused():
    sets = {f"s{k}": {"a": 0.5, "b": 0.5} for k in range(9)}
    with pytest.raises(SpecError, match="too many"):
        compare_weights(sets).plot(new_axes())
