"""The gate: a published matrix, lavaan's figures of real data, data that are sound by construction, and identities."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import gate
from servqual import Responses, SampleDesign, compare, load_instrument, score_gaps
from servqual.cfa import confirm_factors
from servqual.correlations import ItemMatrix
from servqual.validity import Thresholds, chi_square_difference, validity
from survey_design.errors import SpecError

Model = dict[str, list[str]]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def model_of(syntax: str) -> Model:
    lines = [line.split("=~") for line in syntax.splitlines()]
    return {name.strip(): [item.strip() for item in items.split("+")] for name, items in lines}


def matrix_of(frame: pd.DataFrame, model: Model) -> ItemMatrix:
    items = [item for own in model.values() for item in own]
    rows = frame[items].dropna()
    return ItemMatrix.from_matrix(rows.cov(), len(rows), dimensions=[d for d, own in model.items() for _ in own])


def published(shared: Any) -> ItemMatrix:
    """Babakus and Boller's 22 items, from the correlations that the field guide prints, and N alone."""
    found = re.search(r"```\n(Q2 .*?)```", shared.path("field-guide.md").read_text(encoding="utf-8"), re.S)
    assert found is not None
    r = np.eye(22)
    for line in found.group(1).strip().splitlines():
        name, *values = line.split()
        i = int(name[1:]) - 1
        r[i, :i] = r[:i, i] = np.array(values, dtype=float) / 100
    sizes = {"tangibles": 4, "reliability": 5, "responsiveness": 4, "assurance": 4, "empathy": 5}
    return ItemMatrix.from_matrix(r, 502, dimensions=[d for d, size in sizes.items() for _ in range(size)])


def exact(phi: Any, n: int = 400, loading: float = 0.8, items: int = 3) -> ItemMatrix:
    """The correlations that a population of factors has."""
    phi = np.array(phi)
    r = loading**2 * np.kron(phi, np.ones((items, items)))
    np.fill_diagonal(r, 1.0)
    return ItemMatrix.from_matrix(r, n, dimensions=np.repeat([f"d{k}" for k in range(len(phi))], items).tolist())


def even(k: int, r: float) -> Any:
    return np.full((k, k), r) + (1 - r) * np.eye(k)


# --- what others found ---------------------------------------------------------------------------------------


def test_the_published_matrix_is_flagged_from_its_correlations_and_n_alone(shared: Any) -> None:
    """Responsiveness and empathy are one: r .999, HTMT2 .987, merging costs Δχ²(4) = 8.36 (lavaan, semTools)."""
    found = validity(published(shared), replicates=100)
    codes = dict(zip(found.frame["dimension"], found.frame["verdict"], strict=True))
    assert codes == {"tangibles": "caution", "reliability": "caution", "assurance": "caution", "responsiveness": "merge",
                     "empathy": "merge"}  # fmt: skip
    row = found.frame.set_index("dimension").loc["responsiveness"]
    assert row["merge_with"] == row["r_with"] == row["htmt_with"] == "empathy"
    assert row["r"] == pytest.approx(0.999, abs=6e-4)
    assert found.designed.model is not None
    ratios = found.designed.model.pairs.set_index(["first", "second"])[
        "htmt2"
    ]  # geometric means, as semTools takes them
    assert ratios[("responsiveness", "empathy")] == pytest.approx(0.987, abs=6e-4)
    r = published(shared).correlation
    within = [r[a:b, a:b][np.tril_indices(b - a, -1)].mean() for a, b in ((9, 13), (17, 22))]
    assert row["htmt"] == pytest.approx(r[9:13, 17:22].mean() / np.sqrt(within[0] * within[1]), abs=1e-9)
    assert row["alpha"] == pytest.approx(0.6845, abs=6e-5)
    assert row["ave"] == pytest.approx(0.3562, abs=6e-5)
    merged = found.tried.iloc[0]
    assert (merged["first"], merged["second"], merged["merged"]) == (("responsiveness",), ("empathy",), "yes")
    assert merged["chi2"] == pytest.approx(632.365 - 624.006, abs=2e-3)
    assert merged["df"] == 4
    assert merged["p"] == pytest.approx(0.08, abs=2e-3)
    assert found.final.model is not None
    assert found.final.model.indices.chi2 == pytest.approx(632.365, abs=1e-3)
    assert "not positive definite" in found.problems[0]["en"]
    assert "非正定" in found.problems[0]["zh"]
    assert "positive definite" in found.note()
    assert "instrument has 5 dimensions" in found.note()


@pytest.mark.parametrize("name", ["bank", "mobi"])
def test_failing_pairs_of_real_data_are_flagged(shared: Any, name: str) -> None:
    """Whatever R's figures turn down is never passed without a word; the numbers behind are R's."""
    oracle = json.loads(shared.path("oracles", f"cfa_ml_{name}.json").read_text(encoding="utf-8"))
    found = validity(matrix_of(shared.frame(oracle["dataset"]), model_of(oracle["model"])), replicates=0)
    checked, codes = oracle["validity"], dict(zip(found.frame["dimension"], found.frame["verdict"], strict=True))
    for pair in checked["fornell_larcker"]:
        for own in (pair["a"], pair["b"]):
            if pair["r_squared"] >= checked["ave_from_std_loadings"][own]:
                assert codes[own] != "separate", own
    high = {frozenset((one["a"], one["b"])) for one in oracle["ml"]["factor_correlations"] if one["r"] >= 0.9}
    assert high
    assert all(codes[own] in ("merge", "total") for pair in high for own in pair)
    ratios = pd.DataFrame(checked["htmt_arithmetic"]["values"], checked["htmt_arithmetic"]["rows"],
                          checked["htmt_arithmetic"]["cols"])  # fmt: skip
    for line in found.frame.to_dict("records"):
        others = ratios.loc[line["dimension"]].drop(line["dimension"])
        assert (line["htmt"], line["htmt_with"]) == (pytest.approx(others.max(), abs=1e-8), others.idxmax())
        assert line["htmt_low"] < line["htmt"] < line["htmt_high"]
        assert line["ave"] == pytest.approx(checked["ave_from_std_loadings"][line["dimension"]], abs=1e-4)


def test_which_dimensions_of_bank_and_mobi_merge(shared: Any) -> None:
    bank = json.loads(shared.path("oracles", "cfa_ml_bank.json").read_text(encoding="utf-8"))
    found = validity(matrix_of(shared.frame(bank["dataset"]), model_of(bank["model"])), replicates=0)
    assert found.line() == "Scale check (perceptions): IMAG, QUAL, LOY: separately, with caution; VAL + SAT: merge."
    mobi = json.loads(shared.path("oracles", "cfa_ml_mobi.json").read_text(encoding="utf-8"))
    found = validity(matrix_of(shared.frame(mobi["dataset"]), model_of(mobi["model"])), replicates=0)
    assert found.frame.set_index("dimension")["verdict"].to_dict() == {
        "Image": "merge", "Quality": "merge", "Satis": "merge", "Expect": "total", "Value": "caution"}  # fmt: skip
    assert "omega is .465, under .60" in found.sentence("Expect")


def test_the_heywood_case_of_mobile_phone_loyalty_is_refused_with_its_cause(shared: Any) -> None:
    """R: standardised loading 1.087 of one item, on which nothing may rest."""
    matrix = matrix_of(shared.frame("mobi_ecsi.csv"), {"loyalty": ["CUSL1", "CUSL2", "CUSL3"]})
    found = validity(matrix, thresholds=Thresholds(floor=0.3), replicates=0)
    assert found.verdict("loyalty") == "none"
    assert "residual variance of CUSL3 is negative (Heywood case; standardised loading 1.09)" in found.sentence(
        "loyalty"
    )
    assert "CUSL3 的残差方差为负" in found.sentence("loyalty", "zh")
    assert found.problems
    assert validity(matrix, replicates=0).verdict() == "none"


# --- what is true by construction ----------------------------------------------------------------------------


def test_five_clean_factors_pass() -> None:
    found = validity(exact(even(5, 0.5)), replicates=50)
    assert set(found.frame["verdict"]) == {"separate"}
    assert found.verdict() == "separate"
    assert found.problems == ()
    assert found.line() == "Scale check (perceptions): all 5 dimensions may be reported separately."
    assert found.line("zh") == "量表检验（感知）：5 个维度均可单独报告。"
    assert found.tried.empty


@pytest.mark.parametrize("number", range(4))
def test_answers_simulated_from_five_clean_factors_pass(number: int) -> None:
    """As people tick them, through an instrument."""
    instrument = load_instrument("servperf-22")
    rng, names = np.random.default_rng(number), [d.id for d in instrument.dimensions]
    member = [names.index(item.dimension) for item in instrument.items]
    scores = rng.multivariate_normal(np.zeros(5), even(5, 0.4), 400)
    latent = 0.8 * scores[:, member] + 0.6 * rng.standard_normal((400, 22))
    ticked = np.clip(np.round(5 + 1.2 * latent), 1, 7)
    frame = pd.DataFrame(ticked, columns=list(instrument.columns("perception").values()))
    found = validity(Responses(frame, instrument), replicates=0)
    assert set(found.frame["verdict"]) == {"separate"}
    assert (found.frame["n"] == 400).all()
    assert (found.frame["r_low"] < 0.4).all()


def test_factors_that_are_one_are_merged_or_only_the_total_is_left() -> None:
    phi = even(4, 0.4)
    phi[0, 1] = phi[1, 0] = 1.0
    found = validity(exact(phi), replicates=0)
    assert found.frame["verdict"].tolist() == ["merge", "merge", "separate", "separate"]
    assert found.tried.iloc[0]["chi2"] == pytest.approx(0.0, abs=1e-6)
    assert found.sentence("d0", "zh").startswith("d0：与 d1 合并")
    found = validity(exact(even(4, 1.0)), replicates=0)
    assert set(found.frame["verdict"]) == {"total"}
    assert found.verdict() == "total"
    assert found.line("zh") == "量表检验（感知）：d0、d1、d2、d3：只报告总分。"


def test_an_impossible_matrix_of_factors_is_flagged_though_no_pair_reaches_the_line() -> None:
    """.85, .85 and .40 can't be correlations of three variables, and yet the items' matrix is positive definite."""
    found = validity(exact([[1, 0.85, 0.85], [0.85, 1, 0.40], [0.85, 0.40, 1]], n=4000, loading=0.7), replicates=0)
    assert "positive definite" in found.problems[0]["en"]
    assert found.tried.iloc[0]["merged"] == "yes"
    assert found.tried.iloc[0]["size"] == pytest.approx(0.85, abs=1e-4)
    assert found.verdict("d0") in ("merge", "total")


def test_a_weak_dimension_gets_no_score_and_does_not_blur_the_others() -> None:
    loading = np.repeat([0.8, 0.8, 0.3], 4)
    r = np.outer(loading, loading) * np.kron(even(3, 0.5), np.ones((4, 4)))
    np.fill_diagonal(r, 1.0)
    found = validity(ItemMatrix.from_matrix(r, 200, dimensions=np.repeat(["a", "b", "weak"], 4).tolist()), replicates=0)
    assert found.frame["verdict"].tolist() == ["separate", "separate", "total"]
    omega = 16 * 0.09 / (16 * 0.09 + 4 * 0.91)
    assert f"omega is {omega:.3f}".replace("0.", ".") in found.sentence("weak")
    assert list(found.final.groups) == [("a",), ("b",)]


def test_lines_can_be_set() -> None:
    phi = even(3, 0.4)
    phi[0, 1] = phi[1, 0] = 0.85
    matrix = exact(phi, n=2000)
    assert validity(matrix, replicates=0).verdict("d0") == "caution"  # r² above its AVE, .64
    assert validity(matrix, thresholds=Thresholds(distinct=0.84), replicates=0).verdict("d0") == "merge"
    strict = validity(matrix, thresholds=Thresholds(reliability=0.95, floor=0.9), replicates=0)
    assert set(strict.frame["verdict"]) == {"total"}
    assert "from r = .84" in Thresholds(distinct=0.84).sentence("en")
    assert "相关达 .84" in Thresholds(distinct=0.84).sentence("zh")


def test_an_interval_that_reaches_the_line_is_caution_where_two_factors_fit_better() -> None:
    phi = even(3, 0.4)
    phi[0, 1] = phi[1, 0] = 0.86
    found = validity(exact(phi, n=250), replicates=0)
    line = found.tried.iloc[0]
    assert (line["merged"], line["p"] < 0.05, line["upper"] > 0.9) == ("no", True, True)
    assert found.verdict("d0") == "caution"
    assert "may not be distinct (r = .860" in found.sentence("d0")
    assert "可能难以区分" in found.sentence("d0", "zh")


def test_few_answers_do_not_make_two_factors_one() -> None:
    """r = .75 of a population: with 60 respondents chi-square can't tell two factors from one, which is no reason to merge them."""
    phi = even(3, 0.4)
    phi[0, 1] = phi[1, 0] = 0.75
    found = validity(exact(phi, n=60, loading=0.62), replicates=0)
    line = found.tried.iloc[0]
    assert (line["merged"], line["p"] > 0.05, line["upper"] > 0.9) == ("no", True, True)
    assert found.verdict("d0") == "caution"
    assert "these answers do not tell whether they are one or two" in found.sentence("d0")
    assert "不足以判断是一个还是两个因子" in found.sentence("d0", "zh")


def ticked(rng: np.random.Generator, n: int, cuts: Sequence[float]) -> tuple[pd.DataFrame, Any]:
    """Answers to a form of five dimensions that correlate .6."""
    instrument = load_instrument("servperf-22")
    names = [d.id for d in instrument.dimensions]
    member = [names.index(item.dimension) for item in instrument.items]
    latent = 0.8 * rng.multivariate_normal(np.zeros(5), even(5, 0.6), n)[:, member] + 0.6 * rng.standard_normal((n, 22))
    return pd.DataFrame(
        np.searchsorted(cuts, latent) + 1, columns=list(instrument.columns("perception").values())
    ), instrument


def test_the_model_of_satisfied_customers_is_not_refused_for_their_satisfaction() -> None:
    """Most answers at 6 and 7: the structure is true; chi-square for normal answers is twice its degrees of freedom."""
    rng, ratios = np.random.default_rng(41), {"answers": [], "normal": []}
    for _ in range(12):
        frame, instrument = ticked(rng, 500, [-2.6, -2.3, -2.0, -1.6, -1.2, -0.4])
        for name, how in (("answers", None), ("normal", "ml")):
            model = validity(Responses(frame, instrument), estimator=how, replicates=0).designed.model
            assert model is not None
            ratios[name].append(model.indices.chi2 / model.indices.df)
    assert np.mean(ratios["answers"]) == pytest.approx(1.0, abs=0.15)
    assert np.mean(ratios["normal"]) > 1.5


def test_skipped_items_do_not_cost_the_respondents() -> None:
    """With a tenth of the answers missing one in ten is complete: that is said, and full information uses all."""
    rng = np.random.default_rng(42)
    frame, instrument = ticked(rng, 600, [-2.2, -1.5, -0.9, -0.3, 0.4, 1.1])
    holes = Responses(frame.mask(rng.random(frame.shape) < 0.1), instrument)
    found = validity(holes, replicates=0)
    lost = found.matrix.n_dropped / 600
    assert lost > 0.8
    assert found.note().startswith(f"{lost:.0%} of respondents skipped an item and are not used: missing='fiml'")
    assert f"{lost:.0%} 的受访者有题项未答" in found.in_language("zh").note()
    whole = validity(holes, missing="fiml", replicates=20)
    assert set(whole.frame["verdict"]) == {"separate"}
    assert whole.designed.model is not None
    assert (whole.designed.model.estimator, whole.designed.model.indices.n) == ("mlr", 600)
    assert "not used:" not in whole.note()
    complete = validity(Responses(frame, instrument), replicates=0)
    assert np.allclose(whole.frame["r"], complete.frame["r"], atol=0.1)
    few = validity(Responses(frame.mask(rng.random(frame.shape) < 0.15), instrument), replicates=0)
    assert set(few.frame["verdict"]) == {"untested"}
    assert "missing='fiml' counts the other" in few.note()


def test_dimensions_worded_negatively_throughout_are_named() -> None:
    """As responsiveness and empathy were in 1988: wording and content can't be told apart."""
    frame, instrument = ticked(np.random.default_rng(43), 500, [-2.2, -1.5, -0.9, -0.3, 0.4, 1.1])
    home = {item.id: item.dimension for item in instrument.items}

    def with_turned(items: set[str]) -> Responses:
        """The same attitudes, asked the other way round."""
        columns = [instrument.columns("perception")[item] for item in items]
        marked = tuple(replace(item, reverse=item.id in items) for item in instrument.items)
        return Responses(frame.assign(**{name: 8 - frame[name] for name in columns}), replace(instrument, items=marked))

    found = validity(
        with_turned({item for item, own in home.items() if own in ("responsiveness", "empathy")}), replicates=0
    )
    assert found.frame.set_index("dimension")["verdict"].to_dict() == {
        "tangibles": "separate", "reliability": "separate", "responsiveness": "caution", "assurance": "separate", "empathy": "caution"
    }  # fmt: skip
    assert "may be the wording" in found.sentence("empathy")
    assert "可能只是措辞" in found.sentence("empathy", "zh")
    assert validity(with_turned(set(list(home)[::2])), replicates=0).verdict() == "separate"


def test_an_item_that_was_not_turned_round_is_named_and_stops_its_score() -> None:
    frame, instrument = ticked(np.random.default_rng(44), 500, [-2.2, -1.5, -0.9, -0.3, 0.4, 1.1])
    columns = instrument.columns("perception")
    for items in (["TAN1"], ["TAN2"]):  # the marker of the factor, or not
        wrong = frame.assign(**{columns[item]: 8 - frame[columns[item]] for item in items})
        found = validity(Responses(wrong, instrument), replicates=0)
        assert found.frame["verdict"].tolist() == ["total", *["separate"] * 4]
        assert f"{items[0]} runs against its other items (loading −." in found.sentence("tangibles")
        assert f"{items[0]} 与其余题项方向相反（载荷 −." in found.sentence("tangibles", "zh")
    half = frame.assign(**{columns[item]: 8 - frame[columns[item]] for item in ("TAN1", "TAN2")})
    found = validity(Responses(half, instrument), replicates=0)
    assert "one may be turned the wrong way" in found.sentence("tangibles")
    assert "可能有题项未作反向计分" in found.sentence("tangibles", "zh")


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_order_and_units_of_items_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    study = gate.simulated(gate.SCENARIOS[int(rng.integers(len(gate.SCENARIOS)))], 200, 100_000 + seed)
    order, unit = rng.permutation(study.k), rng.uniform(0.5, 2.0, 5)[np.repeat(range(5), 4)]
    moved = ItemMatrix.from_matrix(
        (study.covariance * np.outer(unit, unit))[np.ix_(order, order)], study.n,
        [study.names[j] for j in order], dimensions=[study.dimensions[j] for j in order])  # fmt: skip
    a, b = (validity(each, replicates=0).frame.set_index("dimension").sort_index() for each in (study, moved))
    assert a["verdict"].to_dict() == b["verdict"].to_dict()
    assert np.allclose(a[["alpha", "htmt", "ave"]].astype(float), b[["alpha", "htmt", "ave"]].astype(float), atol=1e-5)


# --- bad input and other designs -----------------------------------------------------------------------------


def test_one_item_can_not_be_tested_and_the_rest_is() -> None:
    matrix = exact(even(3, 0.4)).subset([f"item{j}" for j in range(1, 8)])
    found = validity(matrix, replicates=0)
    assert found.frame["verdict"].tolist() == ["separate", "separate", "untested"]
    assert "one item" in found.sentence("d2")
    assert "仅一个题项" in found.sentence("d2", "zh")
    lone = exact(even(3, 0.4)).subset(["item1", "item4", "item7"])
    with pytest.raises(SpecError, match="one item"):
        validity(lone)


@pytest.mark.parametrize("n", [9, 400])
def test_no_model_where_the_matrix_is_singular(n: int) -> None:
    """As many items as respondents; items that repeat each other."""
    matrix = exact(even(3, 0.4), n=n)
    if n > 9:
        r = matrix.covariance.copy()
        r[1], r[:, 1] = r[0], r[:, 0]
        r[1, 1] = r[0, 1] = r[1, 0] = 1.0
        matrix = ItemMatrix.from_matrix(r, n, dimensions=list(matrix.dimensions))
    found = validity(matrix, replicates=0)
    assert set(found.frame["verdict"]) == {"untested"}
    if n == 9:
        assert "9 respondents answered all 9 items, and a factor model takes more" in found.sentence("d0")
        assert "仅 9 名受访者答完全部 9 个题项" in found.in_language("zh").note()
    else:
        assert "not positive definite" in found.sentence("d0")
        assert "非正定" in found.in_language("zh").note()
    assert found.frame["htmt"].notna().all()


def test_two_items_alone_are_not_identified() -> None:
    found = validity(exact(even(1, 1.0), items=2), replicates=0)
    assert found.verdict("d0") == "untested"
    assert "too few items" in found.sentence("d0")
    assert "题项过少" in found.sentence("d0", "zh")


def test_wrong_options_are_refused() -> None:
    with pytest.raises(SpecError, match="distinct"):
        Thresholds(distinct=1.2)
    with pytest.raises(SpecError, match="above reliability"):
        Thresholds(reliability=0.5)
    with pytest.raises(SpecError, match="without a dimension"):
        validity(ItemMatrix.from_matrix(np.eye(3), 100))
    with pytest.raises(SpecError, match="no dimension 'x'"):
        validity(exact(even(2, 0.3)), replicates=0).verdict("x")


def made(n: int = 300, seed: int = 2) -> tuple[pd.DataFrame, Any]:
    """Answers to both forms of the retail instrument, in clusters, with weights and a group."""
    instrument = load_instrument("retail-13")
    rng, names = np.random.default_rng(seed), [d.id for d in instrument.dimensions]
    member = [names.index(item.dimension) for item in instrument.items]
    columns = {}
    for form, mean in (("expectation", 5.0), ("perception", 4.3)):
        scores = rng.multivariate_normal(np.zeros(5), even(5, 0.3), n)[:, member]
        latent = 0.85 * scores + 0.5 * rng.standard_normal((n, len(member)))
        ticked = np.clip(np.round(mean + latent), 1, 7)
        columns |= dict(zip(instrument.columns(form).values(), ticked.T, strict=True))
    extra = {
        "store": np.arange(n) % 60,
        "weight": rng.uniform(0.5, 2.0, n),
        "tier": np.where(np.arange(n) % 2, "a", "b"),
    }
    return pd.DataFrame(columns | extra), instrument


def test_weights_and_clusters_take_robust_errors() -> None:
    frame, instrument = made()
    designed = validity(Responses(frame, instrument, SampleDesign(clusters="store", weight="weight")), replicates=0)
    assert designed.designed.model is not None
    assert designed.designed.model.estimator == "mlr"
    assert "weighted" in designed.note()
    plain = validity(Responses(frame, instrument), of="expectation", replicates=0)
    assert plain.designed.model is not None
    assert plain.designed.model.estimator == "mlr"
    alike = confirm_factors(Responses(frame, instrument), of="expectation", estimator="mlr")
    assert np.allclose(plain.designed.model.covariance, alike.covariance)
    assert "robust maximum likelihood" in plain.note()
    pairs = validity(Responses(frame, instrument, SampleDesign(weight="weight")), missing="pairwise", replicates=0)
    assert pairs.designed.model is not None
    assert pairs.designed.model.estimator == "ml"
    assert "expectations" in plain.title()
    assert "期望" in plain.in_language("zh").title()


def test_the_difference_of_robust_models_is_satorra_and_bentlers() -> None:
    """By their own steps (2001), from the scaled chi-squares that are lavaan's and their scaling factors."""
    frame, instrument = made()
    responses = Responses(frame, instrument, SampleDesign(clusters="store", weight="weight"))
    found = validity(responses, thresholds=Thresholds(distinct=0.05), replicates=0)
    broad, groups = found.designed.model, found.designed.groups
    line = found.tried.iloc[0]
    joined = {"+".join(key): items for key, items in groups.items() if key not in (line["first"], line["second"])}
    joined["both"] = [*groups[line["first"]], *groups[line["second"]]]
    narrow = confirm_factors(responses, model=joined)
    assert broad is not None
    (t0, d0, c0), (t1, d1, c1) = ((m.indices.chi2, m.indices.df, m.indices.scaling) for m in (broad, narrow))
    by_hand = (t1 * c1 - t0 * c0) / ((d1 * c1 - d0 * c0) / (d1 - d0))
    assert c0 != 1
    assert (line["chi2"], line["df"]) == (pytest.approx(by_hand, rel=1e-5), 4)
    assert chi_square_difference(broad, narrow)[0] == pytest.approx(by_hand, rel=1e-5)


def test_a_comparison_prints_what_the_gate_found() -> None:
    frame, instrument = made()
    responses = Responses(frame, instrument)
    found = validity(responses, of="gap", replicates=0)
    note = compare(score_gaps(responses, by="tier"), "tier", comparability=found.comparability()).note()
    assert found.line().rstrip(".") in note
    assert "measurement invariance" in note
    assert "测量不变性" in found.comparability("zh")


def test_every_word_is_there_in_both_languages(shared: Any) -> None:
    found = validity(published(shared), replicates=0)
    zh = found.in_language("zh")
    for dimension in found.frame["dimension"]:
        assert CHINESE.search(zh.sentence(dimension))
        assert not CHINESE.search(found.sentence(dimension))
    assert not CHINESE.search(str(found))
    assert zh.shown().shape == found.shown().shape
    assert "合并" in zh.shown()["结论"].tolist()
    assert all(CHINESE.search(text) for text in zh.shown()["理由"])


# --- the table of rates --------------------------------------------------------------------------------------


def written() -> pd.DataFrame:
    """The table of docs/gate.md."""
    text = (Path(__file__).parents[1] / "docs" / "gate.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return pd.DataFrame([[cell.strip() for cell in line] for line in lines[2:]], columns=list(gate.HEAD))


def first(cell: str) -> float:
    return float(cell.split()[0])


def test_rates_are_stated_for_every_population_and_are_what_they_should_be() -> None:
    found = written()
    assert set(found["population"]) == {scenario.words for scenario in gate.SCENARIOS}
    text = (Path(__file__).parents[1] / "docs" / "gate.md").read_text(encoding="utf-8")
    assert f"{gate.STUDIES} simulated studies" in text
    assert f"seed {gate.SEED}" in text
    clean = found[found["population"] == "five clean factors, r = .5"]
    assert clean["false alarm"].map(first).max() <= 1
    faulty = found[found["miss"] != "–"]
    assert faulty["miss"].map(first).max() <= 5
    same = found[found["population"].isin(["two of them r = 1", "one factor behind all"])]
    assert same["right"].map(first).min() >= 90


def test_rates_carry_their_monte_carlo_error() -> None:
    assert gate.percent(50, 500) == "10.0 ± 1.3"  # 100 sqrt(.1 .9 / 500)
    assert gate.percent(0, 500) == "0 (< 0.6)"  # rule of three
    assert gate.percent(500, 500) == "100 (> 99.4)"


def test_simulated_studies_have_the_correlations_that_they_are_said_to_have() -> None:
    """Cutting into seven costs a few hundredths; within factors r = loading², across loading² r."""
    scenario = gate.SCENARIOS[0]
    mean = np.mean([gate.simulated(scenario, 500, k).correlation for k in range(40)], axis=0)
    loading = scenario.loadings
    true = np.outer(loading, loading) * np.kron(scenario.factors, np.ones((4, 4)))
    off = ~np.eye(20, dtype=bool)
    assert np.abs(mean - true)[off].max() < 0.07
    assert np.all((mean / true)[off].mean() > 0.9)


def test_rates_are_stated_for_every_size() -> None:
    found = written()
    for scenario in gate.SCENARIOS:
        assert found.loc[found["population"] == scenario.words, "n"].tolist() == [str(n) for n in gate.SIZES]


# --- what decides, and its picture ---------------------------------------------------------------------------


def test_what_decides_is_what_the_models_say(shared: Any) -> None:
    found = validity(published(shared), replicates=0)
    rows = found.deciding().set_index("dimension")
    model = found.designed.model
    assert model is not None
    r = model.factor_correlations.where(~np.eye(5, dtype=bool))
    for name, row in rows.iterrows():
        assert row["size"] == pytest.approx(r[name].abs().max())
        assert row["other"] == r[name].abs().idxmax()
        assert row["low"] < row["size"] < row["high"]
        assert row["reliability"] == pytest.approx(found.consistency.row(str(name))["omega"])
    assert set(rows["by"]) == {"r"}


def test_htmt_decides_where_a_heywood_case_spoils_the_correlation(shared: Any) -> None:
    mobi = json.loads(shared.path("oracles", "cfa_ml_mobi.json").read_text(encoding="utf-8"))
    found = validity(matrix_of(shared.frame(mobi["dataset"]), model_of(mobi["model"])), replicates=0)
    rows = found.deciding()
    for row in rows[rows["by"] == "htmt"].to_dict("records"):
        line = found.frame.set_index("dimension").loc[row["dimension"]]
        assert row["size"] == pytest.approx(line["htmt"])


def test_a_negative_correlation_is_judged_by_its_size() -> None:
    phi = np.array([[1, -0.6], [-0.6, 1]])
    row = validity(exact(phi), replicates=0).deciding().iloc[0]
    assert row["size"] == pytest.approx(0.6, abs=1e-4)
    assert 0 < row["low"] < row["size"] < row["high"] < 1


def drawn(found: Any, language: str) -> Any:
    from survey_design.plots.sheet import new_axes

    return found.in_language(language).plot(new_axes())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_has_a_mark_for_each_number_and_a_shape_for_each_verdict(shared: Any, language: str) -> None:
    found = validity(published(shared), replicates=0)
    ax = drawn(found, language)
    rows = found.deciding()
    for panel, name in ((ax, "reliability"), (ax.child_axes[0], "size")):
        marks = [line for line in panel.lines if line.get_label() in found.frame["verdict"].tolist()]
        assert [line.get_label() for line in marks] == found.frame["verdict"].tolist()
        assert [line.get_xdata()[0] for line in marks] == pytest.approx(rows[name].tolist())
        assert {line.get_label(): line.get_marker() for line in marks} == {"merge": "s", "caution": "^"}
    lines = {line.get_label(): line.get_xdata()[0] for line in (*ax.lines, *ax.child_axes[0].lines)}
    assert lines["floor"] == found.thresholds.floor
    words = {text.get_text().replace("\n", " ") for text in ax.texts}
    wanted = {"en": "merge with empathy", "zh": "与 empathy 合并"}[language]
    assert wanted in words
    assert ax.child_axes[0].get_xlim()[1] > 1.05, "the interval goes beyond 1"


def test_verdicts_differ_in_shape_not_only_in_colour() -> None:
    from servqual.plots.validity import _LOOK
    from servqual.validity import VERDICTS

    assert set(_LOOK) == set(VERDICTS)
    assert len({(marker, face == "white") for marker, face, _ in _LOOK.values()}) == len(_LOOK)


def test_a_picture_needs_a_reliability() -> None:
    r = np.full((4, 4), 0.3) + np.eye(4) * 0.7
    matrix = ItemMatrix.from_matrix(r, 200, dimensions=["a", "a", "b", "b"])
    found = validity(matrix, replicates=0)
    assert drawn(found, "en").get_yticklabels()[0].get_text() == "a (α)", "two items have no omega"
    lost = replace(found, frame=found.frame.assign(alpha=np.nan, omega=np.nan))
    with pytest.raises(SpecError, match="needs the reliability"):
        drawn(lost, "en")


@pytest.mark.parametrize("zeros", [[(0, 1)], [(0, 3)], [(0, 1), (0, 2), (1, 2)]])
def test_items_that_do_not_correlate_at_all_stop_nothing(zeros: list[tuple[int, int]]) -> None:
    """The geometric mean of correlations is then 0: HTMT2 has no slope, and within a dimension no value."""
    r = exact(even(2, 0.5), loading=0.7).correlation.copy()
    for i, j in zeros:
        r[i, j] = r[j, i] = 0.0
    found = validity(ItemMatrix.from_matrix(r, 300, dimensions=["a"] * 3 + ["b"] * 3), replicates=0)
    assert set(found.frame["verdict"]) <= {"separate", "caution", "merge", "total", "none", "untested"}
    assert found.line()


@pytest.mark.parametrize(
    ("given", "named"), [("answers.csv", "'answers.csv'"), (pd.DataFrame({"a": [1]}), "a DataFrame")]
)
def test_what_was_not_read_is_refused_in_words(given: Any, named: str) -> None:
    with pytest.raises(SpecError, match=f"validity takes answers .* not {named}.*read_responses"):
        validity(given)
