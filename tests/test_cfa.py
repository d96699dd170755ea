"""Confirmatory factor models: R's lavaan, a published matrix, and identities that hold for any data.

Figures of lavaan 0.6-14 that no oracle file holds are in reference/cfa.toml, written by reference/cfa.R.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from servqual.cfa import (
    FactorModel,
    NotConverged,
    NotIdentified,
    Sample,
    Solution,
    average_variance,
    composite_reliability,
    confirm_factors,
    fit_indices,
    fit_ml,
    htmt,
    in_groups,
    plan_model,
    start_values,
)
from servqual.cfa.confirm import improper
from servqual.cfa.discriminant import composite_reliability_slopes, htmt_slopes, normal_error, on_covariances
from servqual.cfa.fit import fill, observed_information
from servqual.cfa.indices import scaled_indices
from servqual.cfa.modification import score_test
from servqual.cfa.robust import robust_ml, row_errors
from servqual.cfa.standardised import standardise
from servqual.correlations import ItemMatrix
from servqual.instruments import Dimension, Form, Instrument, Item, load_instrument
from servqual.moments import one_blas_thread
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError
from survey_design.questionnaire import Scale
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Model = dict[str, list[str]]

LAVAAN = tomllib.loads((Path(__file__).parent / "reference" / "cfa.toml").read_text(encoding="utf-8"))
FIT = {"chi2": "chisq", "p": "pvalue", "baseline_chi2": "baseline.chisq", "cfi": "cfi", "tli": "tli", "rmsea": "rmsea",
       "rmsea_low": "rmsea.ci.lower", "rmsea_high": "rmsea.ci.upper", "p_close": "rmsea.pvalue", "srmr": "srmr",
       "logl": "logl", "aic": "aic", "bic": "bic", "abic": "bic2"}  # fmt: skip
HS: Model = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Kernels are called directly here; the verbs do this themselves."""
    with one_blas_thread():
        yield


def model_of(syntax: str) -> Model:
    lines = [line.split("=~") for line in syntax.splitlines()]
    return {name.strip(): [item.strip() for item in items.split("+")] for name, items in lines}


def items_of(model: Model) -> list[str]:
    return [item for items in model.values() for item in items]


def instrument_of(model: Model, low: int, high: int) -> Instrument:
    words = {name: {"en": name, "zh": f"{name}项"} for name in (*model, *items_of(model))}
    dimensions = tuple(Dimension(name, words[name]) for name in model)
    items = tuple(Item(item, name, words[item], words[item]) for name, own in model.items() for item in own)
    return Instrument(
        "made", "1", {"en": "made"}, "", Scale(low, high), (Form("perception", "{id}"),), dimensions, items
    )


def answered(frame: pd.DataFrame, model: Model, low: int, high: int, **design: Any) -> Responses:
    return Responses(frame, instrument_of(model, low, high), SampleDesign(**design))


def sample_of(values: Array, means: bool = False) -> Sample:
    return Sample(np.cov(values.T, bias=True), len(values), values.mean(axis=0) if means else None)


def fitted(table: Any, samples: list[Sample]) -> Solution:
    return fit_ml(table, samples, start_values(table, samples))


def published(shared: Any) -> ItemMatrix:
    """Babakus and Boller's 22 items, from the correlations that the field guide prints, and N alone."""
    text = shared.path("field-guide.md").read_text(encoding="utf-8")
    found = re.search(r"```\n(Q2 .*?)```", text, re.S)
    assert found is not None
    r = np.eye(22)
    for line in found.group(1).strip().splitlines():
        name, *values = line.split()
        i = int(name[1:]) - 1
        r[i, :i] = r[:i, i] = np.array(values, dtype=float) / 100
    sizes = {"tangibles": 4, "reliability": 5, "responsiveness": 4, "assurance": 4, "empathy": 5}
    names = [f"Q{i}" for i in range(1, 23)]
    return ItemMatrix.from_matrix(r, 502, names, dimensions=[d for d, size in sizes.items() for _ in range(size)])


def exact(seed: int, groups: int = 2) -> tuple[Model, Any, Any]:
    """A random proper model: its parameter table and matrices."""
    rng = np.random.default_rng(seed)
    model = {f"f{j}": [f"x{j}{i}" for i in range(int(rng.integers(3, 6)))] for j in range(groups)}
    table = plan_model(model, items_of(model))
    theta = np.zeros(table.n_free)
    free = np.flatnonzero(table.free >= 0)
    kind, number = table.kind[free], table.free[free]
    theta[number[kind == 0]] = rng.uniform(0.5, 1.5, (kind == 0).sum()) * rng.choice([-1, 1], (kind == 0).sum())
    on_diagonal = (kind == 2) & (table.row[free] == table.column[free])
    theta[number[kind == 2]] = 0.3
    theta[number[on_diagonal]] = rng.uniform(0.8, 1.6, on_diagonal.sum())
    theta[number[kind == 3]] = rng.uniform(0.3, 1.5, (kind == 3).sum())
    return model, table, theta


# --- lavaan's numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hs", "kiosk", "mobi", "bank"])
def test_maximum_likelihood_agrees_with_lavaan(shared: Any, name: str) -> None:
    oracle = shared.oracle(f"cfa_ml_{name}.json")
    model, tolerance, ml = model_of(oracle["model"]), oracle["tolerance"], oracle["ml"]
    items = items_of(model)
    frame = shared.frame(oracle["dataset"])[items].dropna()
    dimensions = [d for d, own in model.items() for _ in own]
    found = confirm_factors(ItemMatrix.from_matrix(frame.cov(), len(frame), dimensions=dimensions))
    assert found.indices.n == ml["n"]
    assert found.indices.df == ml["fit"]["df"]
    assert found.indices.n_parameters == ml["fit"]["npar"]
    for mine, theirs in FIT.items():
        assert getattr(found.indices, mine) == pytest.approx(ml["fit"][theirs], abs=1e-5), mine
    lines = found.to_frame().set_index("item")
    for line in ml["loadings"]:
        own = lines.loc[line["item"]]
        assert own["standardised"] == pytest.approx(line["std"], abs=tolerance["std_loadings_abs"] / 10)
        assert own["standardised_se"] == pytest.approx(line["std_se"], abs=tolerance["se_abs"] / 100)
        assert own["estimate"] == pytest.approx(line["est"], abs=1e-3)
        if line["se"]:
            assert own["se"] == pytest.approx(line["se"], abs=1e-4)
        else:
            assert own["reason"] == "fixed"
        assert own["explained"] == pytest.approx(ml["item_r2"][line["item"]], abs=1e-4)
    pairs = found.correlations().to_frame().set_index(["first", "second"])
    for line in ml["factor_correlations"]:
        own = pairs.loc[(line["a"], line["b"])]
        assert own["estimate"] == pytest.approx(line["r"], abs=1e-4)
        assert own["se"] == pytest.approx(line["se"], abs=1e-4)


@pytest.mark.parametrize("name", ["hs", "kiosk", "mobi", "bank"])
def test_reliability_and_distinctness_agree_with_semtools(shared: Any, name: str) -> None:
    oracle = shared.oracle(f"cfa_ml_{name}.json")
    model, validity = model_of(oracle["model"]), oracle["validity"]
    items = items_of(model)
    frame = shared.frame(oracle["dataset"])[items].dropna()
    dimensions = [d for d, own in model.items() for _ in own]
    found = confirm_factors(ItemMatrix.from_matrix(frame.cov(), len(frame), dimensions=dimensions))
    convergent = found.convergence().to_frame().set_index("factor")
    for factor in model:
        assert convergent.loc[factor, "reliability"] == pytest.approx(
            validity["cr_from_std_loadings"][factor], abs=1e-4
        )
        assert convergent.loc[factor, "ave"] == pytest.approx(validity["ave_from_std_loadings"][factor], abs=1e-4)
    pairs = found.distinctness().to_frame().set_index(["first", "second"])
    for line in validity["fornell_larcker"]:
        own = pairs.loc[(line["a"], line["b"])]
        assert (own["fornell_larcker"] == "yes") == line["passes"]
        assert own["r_squared"] == pytest.approx(line["r_squared"], abs=1e-4)
    for column, key in (("htmt", "htmt_arithmetic"), ("htmt2", "htmt2_geometric")):
        names, values = validity[key]["rows"], np.array(validity[key]["values"], dtype=float)
        for (a, b), own in pairs.iterrows():
            assert own[column] == pytest.approx(
                values[names.index(a), names.index(b)], abs=oracle["tolerance"]["htmt_abs"]
            )


def test_pairs_that_are_known_to_fail_are_seen_to_fail(shared: Any) -> None:
    for name in ("bank", "mobi"):
        oracle = shared.oracle(f"cfa_ml_{name}.json")
        assert not all(line["passes"] for line in oracle["validity"]["fornell_larcker"])


@pytest.mark.parametrize("name", ["hs", "kiosk", "mobi", "bank"])
def test_satorra_and_bentler_agree_with_lavaan(shared: Any, name: str) -> None:
    oracle = shared.oracle(f"cfa_ml_{name}.json")
    model, reference = model_of(oracle["model"]), oracle["satorra_bentler"]
    values = shared.frame(oracle["dataset"])[items_of(model)].dropna()
    scale = (int(values.min().min()), int(np.ceil(values.max().max())))
    if name == "hs":  # answers to tests, which no scale of answers holds
        solution = fitted(plan_model(model, items_of(model)), [sample_of(values.to_numpy())])
        robust = robust_ml(solution, [[(values.to_numpy(), None, None)]], "mlm")
        assert robust.scaling == pytest.approx(reference["chisq.scaling.factor"], abs=1e-5)
        return
    found = confirm_factors(answered(values, model, *scale), estimator="mlm").indices
    names = {"chi2": "chisq.scaled", "df": "df.scaled", "cfi": "cfi.scaled", "tli": "tli.scaled", "rmsea": "rmsea.scaled",
             "rmsea_low": "rmsea.ci.lower.scaled", "rmsea_high": "rmsea.ci.upper.scaled", "scaling": "chisq.scaling.factor",
             "cfi_robust": "cfi.robust", "tli_robust": "tli.robust", "rmsea_robust": "rmsea.robust"}  # fmt: skip
    for mine, theirs in names.items():
        assert getattr(found, mine) == pytest.approx(reference[theirs], abs=2e-3 if mine == "chi2" else 1e-5), mine


def holzinger(shared: Any) -> pd.DataFrame:
    return shared.frame("holzinger_swineford_1939.csv")


def test_mlr_agrees_with_lavaan_plain_clustered_and_weighted(shared: Any) -> None:
    frame = holzinger(shared)
    values, items = frame[items_of(HS)].to_numpy(float), items_of(HS)
    table = plan_model(HS, items)
    clusters = (frame["ageyr"] * 100 + frame["agemo"]).to_numpy()
    weights = (frame["id"] % 3 + 1).to_numpy(float)
    weights = weights / weights.mean()
    mean = weights @ values / len(values)
    weighted = Sample(((values - mean) * weights[:, None]).T @ (values - mean) / len(values), len(values))
    plain = sample_of(values)
    for sample, rows, name in (
        (plain, (values, None, None), "plain"),
        (plain, (values, None, clusters), "clustered"),
        (weighted, (values, weights, None), "weighted"),
        (weighted, (values, weights, clusters), "weighted_clusters"),
    ):
        solution = fitted(table, [sample])
        robust = robust_ml(solution, [[rows]], "mlr")
        found = [solution.chi2 / robust.scaling, robust.scaling, robust.baseline_scaling,
                 *np.sqrt(robust.covariance.diagonal())[:3]]  # fmt: skip
        np.testing.assert_allclose(found, LAVAAN["mlr"][name], rtol=1e-5)
    solution = fitted(table, [plain])
    one = scaled_indices(solution, robust_ml(solution, [[(values, None, None)]], "mlr"), stretched=False)
    indices = [one.cfi_robust, one.tli_robust, one.rmsea_robust, one.rmsea_robust_low, one.rmsea_robust_high]
    np.testing.assert_allclose(indices, LAVAAN["mlr"]["robust"], rtol=1e-5)


def test_robust_groups_with_means_agree_with_lavaan(shared: Any) -> None:
    frame = holzinger(shared)
    parts = [frame.loc[frame["school"] == name, items_of(HS)].to_numpy(float) for name in ("Pasteur", "Grant-White")]
    table = in_groups(plan_model(HS, items_of(HS)), 2, equal=("loading", "intercept"))
    solution = fitted(table, [sample_of(part, means=True) for part in parts])
    rows = [[(part, None, None)] for part in parts]
    for estimator in ("mlm", "mlr"):
        scaling, error = LAVAAN["groups"][estimator]
        robust = robust_ml(solution, rows, estimator)  # type: ignore[arg-type]
        assert robust.scaling == pytest.approx(scaling, abs=2e-6)
        assert np.sqrt(robust.covariance[0, 0]) == pytest.approx(error, abs=2e-6)


def test_modification_indices_agree_with_lavaan(shared: Any) -> None:
    frame = holzinger(shared)[items_of(HS)]
    found = confirm_factors(ItemMatrix.from_matrix(frame.cov(), len(frame)), model=HS).modification(least=0).to_frame()
    pairs = [("visual", "x9"), ("x7", "x8"), ("visual", "x7"), ("x8", "x9")]
    assert list(zip(found["left"][:4], found["right"][:4], strict=True)) == pairs
    for mine, theirs in (("mi", "mi"), ("change", "epc"), ("change_standardised", "sepc")):
        np.testing.assert_allclose(
            found[mine][:4], LAVAAN["modification"][theirs], rtol=1e-5
        )  # lavaan stops a little earlier


def test_second_order_and_residual_covariances_agree_with_lavaan(shared: Any) -> None:
    frame = holzinger(shared)[items_of(HS)]
    matrix = ItemMatrix.from_matrix(frame.cov(), len(frame))
    general = confirm_factors(matrix, model=HS, second_order="g")
    first_order = confirm_factors(matrix, model=HS)
    assert general.indices.chi2 == pytest.approx(
        first_order.indices.chi2, abs=1e-6
    )  # three loadings for three correlations
    lines = general.to_frame().set_index(["factor", "item"])
    for k, factor in enumerate(HS):
        assert lines.loc[("g", factor), "standardised"] == pytest.approx(LAVAAN["structure"]["general"][k], abs=2e-6)
        assert lines.loc[("g", factor), "standardised_se"] == pytest.approx(
            LAVAAN["structure"]["general_se"][k], abs=2e-6
        )
    paired = confirm_factors(matrix, model=HS, scale_by="variance", residual_covariances=[("x7", "x8")])
    assert [paired.indices.chi2, paired.indices.df] == pytest.approx(LAVAAN["structure"]["paired"], abs=1e-5)
    assert not (paired.to_frame()["reason"] == "fixed").any()


@pytest.mark.parametrize("name", ["hs_cut", "bfi"])
def test_ordered_answers_agree_with_lavaan(shared: Any, name: str) -> None:
    oracle = shared.oracle(f"cfa_wlsmv_{name}.json")
    model, results = model_of(oracle["model"]), oracle["results"]
    frame = shared.frame("bfi.csv" if name == "bfi" else "holzinger_swineford_1939.csv")[items_of(model)].dropna()
    if name == "hs_cut":
        cuts = [0, 0.2, 0.5, 0.8, 1]
        frame = frame.apply(lambda x: pd.cut(x, np.quantile(x, cuts), labels=False, include_lowest=True) + 1)
    found = confirm_factors(answered(frame, model, 1, 6 if name == "bfi" else 4), estimator="wlsmv")
    assert found.solution.chi2 == pytest.approx(results["fit"]["chisq"], rel=1e-6)
    names = {"chi2": "chisq.scaled", "df": "df.scaled", "cfi": "cfi.scaled", "tli": "tli.scaled", "rmsea": "rmsea.scaled",
             "rmsea_low": "rmsea.ci.lower.scaled", "rmsea_high": "rmsea.ci.upper.scaled", "scaling": "chisq.scaling.factor"}  # fmt: skip
    for mine, theirs in names.items():
        assert getattr(found.indices, mine) == pytest.approx(results["fit_robust"][theirs], rel=1e-5), mine
    assert found.indices.srmr == pytest.approx(results["fit"]["srmr"], abs=1e-6)
    assert found.indices.n_parameters == results["fit"]["npar"]
    lines = found.to_frame().set_index("item")
    for line in results["loadings"]:
        assert lines.loc[line["item"], "standardised"] == pytest.approx(line["std"], abs=1e-5)
        assert lines.loc[line["item"], "standardised_se"] == pytest.approx(line["std_se"], abs=1e-5)


# --- published ---------------------------------------------------------------------------------------------


def test_reference_a_from_its_matrix_alone(shared: Any) -> None:
    found = confirm_factors(published(shared))
    one = found.indices
    assert (one.df, round(one.chi2, 3)) == (199, 624.006)
    shown = [round(value, 3) for value in (one.cfi, one.tli, one.rmsea, one.rmsea_high, one.srmr)]
    assert shown == [0.900, 0.883, 0.065, 0.071, 0.065]
    assert one.rmsea_low == pytest.approx(0.05948165146, abs=1e-7)  # lavaan; printed elsewhere as .060
    r = found.factor_correlations
    assert round(r.loc["responsiveness", "empathy"], 3) == 0.999
    assert round(r.loc["reliability", "assurance"], 3) == 0.880
    assert round(r.loc["reliability", "responsiveness"], 3) == 0.809
    assert round(r.loc["tangibles", "empathy"], 3) == 0.435
    convergent = found.convergence().to_frame()
    assert convergent["reliability"].round(4).tolist() == [0.6931, 0.8301, 0.6862, 0.8333, 0.7045]
    assert convergent["ave"].round(4).tolist() == pytest.approx([0.3735, 0.4978, 0.3562, 0.5576, 0.3233], abs=1.1e-4)
    pairs = found.distinctness().to_frame().set_index(["first", "second"])["htmt2"]
    assert round(pairs["responsiveness", "empathy"], 3) == 0.987
    assert round(pairs["reliability", "assurance"], 3) == 0.933
    assert round(pairs["tangibles", "empathy"], 3) == 0.536


def test_reference_a_is_refused_with_the_pair_at_fault(shared: Any) -> None:
    found = confirm_factors(published(shared))
    assert not found.proper
    assert "not positive definite" in found.sentence()
    assert "'responsiveness' and 'empathy' correlate .999" in found.sentence()
    assert "“responsiveness”与“empathy”相关 .999" in found.in_language("zh").sentence()


def test_what_forbids_a_solution_is_told_with_labels_and_a_minus_sign(shared: Any) -> None:
    instrument, known = load_instrument("servqual-22"), published(shared)
    labelled = replace(
        known,
        labels=tuple(item.label for item in instrument.items),
        dimension_labels={each.id: each.label for each in instrument.dimensions},
    )
    found = confirm_factors(labelled)
    matrices = found.solution.matrices[0]
    scale = np.sqrt(np.diag(matrices.factors))
    least = np.linalg.eigvalsh(matrices.factors / np.outer(scale, scale))[0]
    assert -0.5 < least < -0.0005
    english, chinese = found.sentence(), found.in_language("zh").sentence()
    assert f"(smallest eigenvalue −{-least:.3f}): 'Responsiveness' and 'Empathy' correlate .999" in english
    assert f"（最小特征值 −{-least:.3f}）：“响应性”与“移情性”相关 .999" in chinese
    negative = matrices.residuals.copy()
    negative[0, 0] = -0.1
    solution = replace(found.solution, matrices=(replace(matrices, residuals=negative),))
    told = improper(solution, found.standard, found.words)[0]
    assert told["en"].startswith("the residual variance of Customer facilities is negative")
    assert "items of 'Tangibles' do not share" in told["en"]
    assert told["zh"].startswith("现场设施的残差方差为负")
    assert "“有形性”的 4 个题项" in told["zh"]


def test_reference_a_with_fewer_factors(shared: Any) -> None:
    matrix = published(shared)
    one = confirm_factors(matrix, model={"quality": list(matrix.names)})
    assert (one.indices.df, round(one.indices.chi2, 3), round(one.indices.cfi, 3)) == (209, 960.221, 0.823)
    merged = {d: [name for name, own in zip(matrix.names, matrix.dimensions, strict=True) if own.replace("empathy", "responsiveness") == d]
              for d in ("tangibles", "reliability", "responsiveness", "assurance")}  # fmt: skip
    four = confirm_factors(matrix, model=merged)
    assert (four.indices.df, round(four.indices.chi2, 3)) == (203, 632.365)
    assert four.proper
    split = {"a": [5, 7, 8], "b": [2, 4], "c": [10, 11, 12, 13, 18, 19, 20, 21, 22], "d": [1, 17], "e": [6, 14, 15, 16]}
    chosen = confirm_factors(matrix, model={name: [f"Q{i}" for i in own] for name, own in split.items()}).indices
    assert (chosen.df, round(chosen.chi2, 3)) == (160, 318.059)
    assert [round(v, 3) for v in (chosen.cfi, chosen.tli, chosen.rmsea, chosen.srmr)] == [0.960, 0.952, 0.044, 0.038]


def test_the_heywood_case_of_mobi_loyalty_is_named(shared: Any) -> None:
    frame = shared.frame("mobi_ecsi.csv")
    model = {"loyalty": [name for name in frame if name.startswith("CUSL")]}
    found = confirm_factors(answered(frame[model["loyalty"]], model, 1, 10))
    assert found.to_frame()["standardised"].max() == pytest.approx(1.087, abs=5e-4)
    assert not found.proper
    assert "CUSL3 is negative (Heywood case; standardised loading 1.09)" in found.sentence()
    assert "Heywood 情形" in found.in_language("zh").sentence()
    assert "heywood" in found.to_frame()["reason"].tolist()
    assert found.convergence().to_frame().loc[0, "reason"] == "not a share"


# --- identities --------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_an_exact_covariance_returns_its_parameters(seed: int, factors: int) -> None:
    _, table, theta = exact(seed, factors)
    solution = fitted(table, [Sample(fill(table, theta).covariance, 400.0)])
    assert solution.converged
    assert solution.chi2 == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(solution.theta, theta, atol=2e-4)
    one = fit_indices(solution)
    assert (one.cfi, one.rmsea) == pytest.approx((1, 0), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_order_units_identification_and_direction_do_not_matter(seed: int) -> None:
    model, table, theta = exact(seed)
    rng = np.random.default_rng(seed)
    values = rng.multivariate_normal(np.zeros(len(table.items)), fill(table, theta).covariance, 300)
    frame = pd.DataFrame(values, columns=list(table.items))
    plain = confirm_factors(ItemMatrix.from_matrix(frame.cov(), 300), model=model)
    units = rng.uniform(0.1, 10, len(table.items)) * rng.choice([-1, 1], len(table.items))
    shuffled = list(rng.permutation(list(table.items)))
    turned = (frame * units)[shuffled]
    mixed = {name: list(rng.permutation(own)) for name, own in reversed(model.items())}
    other = confirm_factors(ItemMatrix.from_matrix(turned.cov(), 300), model=mixed, scale_by="variance")
    assert other.indices.chi2 == pytest.approx(plain.indices.chi2, abs=1e-5)
    assert other.indices.srmr == pytest.approx(plain.indices.srmr, abs=1e-5)
    size = [abs(each.to_frame().set_index("item")["standardised"]).sort_index() for each in (plain, other)]
    np.testing.assert_allclose(size[0], size[1], atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_groups_that_repeat_each_other_double_chi2(seed: int) -> None:
    _, table, theta = exact(seed)
    values = np.random.default_rng(seed).multivariate_normal(
        np.zeros(len(table.items)), fill(table, theta).covariance, 250
    )
    one = fitted(table, [sample_of(values)])
    for equal in ((), ("loading",), ("loading", "factor", "residual")):
        both = in_groups(table, 2, equal=equal, means=False)  # type: ignore[arg-type]
        assert fitted(both, [sample_of(values)] * 2).chi2 == pytest.approx(2 * one.chi2, rel=1e-6)


def test_what_loadings_and_factors_imply_is_what_is_reported() -> None:
    _, table, theta = exact(7, 3)
    values = np.random.default_rng(7).multivariate_normal(
        np.zeros(len(table.items)), fill(table, theta).covariance, 250
    )
    solution = fitted(table, [sample_of(values)])
    standard, implied = standardise(solution), solution.matrices[0].covariance
    spread = np.sqrt(implied.diagonal())
    built = standard.loadings @ standard.factors @ standard.loadings.T + np.diag(1 - standard.explained)
    np.testing.assert_allclose(built, implied / np.outer(spread, spread), atol=1e-10)


def test_slopes_of_the_standardised_solution_agree_with_differences() -> None:
    table = plan_model(HS, items_of(HS), second_order="g")
    rng = np.random.default_rng(3)
    common = rng.normal(size=(400, 1))
    values = np.repeat(common + rng.normal(size=(400, 3)), 3, axis=1) + rng.normal(size=(400, 9))
    solution = fitted(table, [sample_of(values)])
    standard = standardise(solution)
    for a in (0, 4, solution.table.n_free - 1):
        h = 1e-6
        moved = []
        for sign in (1, -1):
            theta = solution.theta + sign * h * np.eye(len(solution.theta))[a]
            moved.append(standardise(Solution(table, solution.samples, theta, (fill(table, theta),), *[None] * 4)))  # type: ignore[list-item]
        for what in ("loadings", "factors", "regressions", "explained"):
            numeric = (getattr(moved[0], what) - getattr(moved[1], what)) / (2 * h)
            np.testing.assert_allclose(getattr(standard, f"d_{what}")[..., a], numeric, atol=1e-6)


def test_expected_and_observed_information_agree_where_the_model_holds_exactly() -> None:
    _, table, theta = exact(11, 3)
    solution = fitted(table, [Sample(fill(table, theta).covariance, 500.0)])
    np.testing.assert_allclose(observed_information(solution), solution.information, rtol=1e-4, atol=1e-3)


def test_score_tests_foretell_what_freeing_brings() -> None:
    """Under a small misfit the index agrees with the fall of chi-square when the number is freed."""
    _, table, theta = exact(5)
    truth = fill(table, theta).covariance.copy()
    truth[0, 1] += 0.05
    truth[1, 0] += 0.05
    sample = Sample(truth, 400.0)
    solution = fitted(table, [sample])
    freed = table.with_lines([("residual", 0, 1, 0.0, True)])
    mi, change = score_test(solution, [("residual", 0, 1)])
    assert mi[0] == pytest.approx(solution.chi2 - fitted(freed, [sample]).chi2, rel=0.1)
    assert change[0] == pytest.approx(0.05, rel=0.1)


def test_clusters_of_one_respondent_are_respondents() -> None:
    rng = np.random.default_rng(2)
    _, table, theta = exact(2)
    values = rng.multivariate_normal(np.zeros(len(table.items)), fill(table, theta).covariance, 200)
    solution = fitted(table, [sample_of(values)])
    alone = robust_ml(solution, [[(values, None, None)]], "mlm")
    single = robust_ml(solution, [[(values, None, np.arange(200))]], "mlm")
    np.testing.assert_allclose(single.covariance, alone.covariance * 200 / 199, rtol=1e-9)
    halves = robust_ml(solution, [[(values[:90], None, None), (values[90:], None, None)]], "mlm")
    np.testing.assert_allclose(halves.covariance, alone.covariance, rtol=1e-9)
    assert halves.scaling == pytest.approx(alone.scaling, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_slopes_of_htmt_agree_with_differences(seed: int, geometric: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, 1)) + rng.normal(size=(60, 6)) * rng.uniform(0.5, 1.5, 6)
    covariance, first, second = np.cov(values.T), [0, 1, 2], [3, 4, 5]

    def value(matrix: Array) -> float:
        sd = np.sqrt(matrix.diagonal())
        return htmt(matrix / np.outer(sd, sd), first, second, geometric=geometric)

    sd = np.sqrt(covariance.diagonal())
    slopes = on_covariances(htmt_slopes(covariance / np.outer(sd, sd), first, second, geometric=geometric), covariance)
    towards = rng.normal(size=(6, 6)) * 1e-6
    towards += towards.T
    assert np.sum(slopes * towards) == pytest.approx(
        (value(covariance + towards) - value(covariance - towards)) / 2, rel=1e-4, abs=1e-11
    )


def test_errors_of_htmt_agree_with_simulation() -> None:
    """Normal theory and the spread over samples say the same."""
    _, table, theta = exact(4)
    truth = fill(table, theta).covariance
    model = {f"f{j}": [i for i in table.items if i.startswith(f"x{j}")] for j in range(2)}
    rng, at = np.random.default_rng(1), [[table.items.index(i) for i in own] for own in model.values()]
    draws = [rng.multivariate_normal(np.zeros(len(truth)), truth, 300) for _ in range(400)]
    spread = np.std([htmt(np.corrcoef(draw.T), *at) for draw in draws])
    frame = pd.DataFrame(draws[0], columns=list(table.items))
    normal = (
        confirm_factors(ItemMatrix.from_matrix(frame.cov(), 300), model=model)
        .distinctness()
        .to_frame()
        .loc[0, "htmt_se"]
    )
    assert normal == pytest.approx(spread, rel=0.15)


def ordered_sample(seed: int, n: int = 300) -> Responses:
    """Two factors that correlate .5, answered in four unequal categories."""
    rng = np.random.default_rng(seed)
    model = {"care": ["c1", "c2", "c3"], "speed": ["s1", "s2", "s3"]}
    factors = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    latent = 0.8 * np.repeat(factors, 3, axis=1) + 0.6 * rng.normal(size=(n, 6))
    return answered(pd.DataFrame(1 + np.digitize(latent, [-0.8, 0.2, 1.0]), columns=items_of(model)), model, 1, 4)


def test_score_tests_and_htmt_errors_of_ordered_answers_hold_over_samples() -> None:
    """Score tests of numbers that are 0 in truth average 1 and exceed 3.84 in one of 20; errors of HTMT match its spread."""
    found = [confirm_factors(ordered_sample(seed), estimator="wlsmv") for seed in range(50)]
    tables = [each.modification(least=0).to_frame() for each in found]
    scores = np.array([table.sort_values(["kind", "left", "right"])["mi"].to_numpy() for table in tables])
    assert scores.shape[1] == 6 + 15
    assert scores.mean() == pytest.approx(1, abs=0.2)
    assert (scores > 3.84).mean() == pytest.approx(0.05, abs=0.03)
    pairs = pd.concat([each.distinctness().to_frame() for each in found])
    for name in ("htmt", "htmt2"):
        assert pairs[f"{name}_se"].mean() == pytest.approx(pairs[name].std(), rel=0.3)
        assert ((pairs[f"{name}_low"] < 0.5) & (pairs[f"{name}_high"] > 0.5)).mean() > 0.86
    assert "polychoric correlations" in found[0].distinctness().note()
    assert "多分格相关" in found[0].distinctness().in_language("zh").note()


def test_a_blas_that_is_loaded_later_keeps_to_one_thread_as_well() -> None:
    program = (
        "from servqual.moments import one_blas_thread\n"
        "with one_blas_thread(): pass\n"
        "import scipy.linalg\n"
        "from threadpoolctl import threadpool_info\n"
        "with one_blas_thread(): print({each['num_threads'] for each in threadpool_info() if each['user_api'] == 'blas'})\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "{1}"


def test_errors_from_rows_agree_with_closed_forms() -> None:
    """Of a variance: sqrt((m4 - s^4) / n); of normal answers the same as normal theory; rows that are clusters are rows."""
    values = np.random.default_rng(6).multivariate_normal([0, 0], [[2, 0.5], [0.5, 1]], 4000)
    sample = sample_of(values)
    first = np.diag([1.0, 0.0])
    z = values[:, 0] - values[:, 0].mean()
    fourth = np.sqrt((np.mean(z**4) - np.mean(z**2) ** 2) / len(z))
    alone = row_errors([first], sample, [(values, None, None)])
    assert alone[0] == pytest.approx(fourth, rel=1e-10)
    assert normal_error(first, sample.covariance, sample.n) == pytest.approx(fourth, rel=0.1)
    single = row_errors([first], sample, [(values, None, np.arange(4000))])
    assert single[0] == pytest.approx(fourth * np.sqrt(4000 / 3999), rel=1e-9)


def test_reliability_and_its_slopes() -> None:
    loadings = np.array([0.8, 0.7, 0.5])
    weights = np.ones(3)
    r = np.outer(loadings, loadings)
    np.fill_diagonal(r, 1)
    assert composite_reliability(loadings) == pytest.approx(loadings.sum() ** 2 / (weights @ r @ weights))
    assert composite_reliability(-loadings) == pytest.approx(composite_reliability(loadings))
    assert average_variance(loadings) == pytest.approx(np.mean(loadings**2))
    h = 1e-6
    numeric = [
        (composite_reliability(loadings + h * e) - composite_reliability(loadings - h * e)) / (2 * h) for e in np.eye(3)
    ]
    np.testing.assert_allclose(composite_reliability_slopes(loadings), numeric, rtol=1e-6)


def test_chi2_and_standard_errors_hold_over_samples() -> None:
    """500 samples from a model that holds: chi-square averages its degrees of freedom, and errors the spread of estimates."""
    _, table, theta = exact(8)
    truth = fill(table, theta).covariance
    rng = np.random.default_rng(8)
    solutions = [
        fitted(table, [sample_of(rng.multivariate_normal(np.zeros(len(truth)), truth, 400))]) for _ in range(500)
    ]
    chi2 = np.array([each.chi2 for each in solutions])
    df = solutions[0].df
    assert chi2.mean() == pytest.approx(df, abs=4 * np.sqrt(2 * df / 500) + 0.03 * df)
    spread = np.std([each.theta for each in solutions], axis=0)
    stated = np.mean([np.sqrt(each.covariance.diagonal()) for each in solutions], axis=0)
    np.testing.assert_allclose(stated, spread, rtol=0.15)


# --- what is shown, and what is refused --------------------------------------------------------------------


def five_factors(n: int = 400, seed: int = 1, **columns: Any) -> tuple[Model, pd.DataFrame]:
    """Answers from 1 to 7 with two clean factors."""
    rng = np.random.default_rng(seed)
    model = {"care": ["c1", "c2", "c3"], "speed": ["s1", "s2", "s3"]}
    factors = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], n)
    latent = np.repeat(factors, 3, axis=1) + 0.8 * rng.normal(size=(n, 6))
    answers = np.clip(np.round(4 + 1.2 * latent), 1, 7).astype(int)
    return model, pd.DataFrame(answers, columns=items_of(model)).assign(**columns)


def test_clean_factors_are_proper_in_both_languages() -> None:
    model, frame = five_factors()
    found = confirm_factors(answered(frame, model, 1, 7))
    assert found.proper
    assert found.sentence().startswith("Model with 2 factors: χ²(8) = ")
    chinese = found.in_language("zh")
    assert chinese.title() == "验证性因子分析：感知"
    assert "极大似然" in chinese.note()
    for table in (
        found.fit(),
        found.correlations(),
        found.convergence(),
        found.distinctness(),
        found.modification(least=0),
    ):
        english, other = table.to_string(), table.in_language("zh").to_string()
        assert english != other
        assert re.search("[一-鿿]", other)
        assert not re.search("[一-鿿]", english)
        assert "nan" not in english
    assert found.residuals().abs().max().max() < 0.1


def test_form_and_base_are_said() -> None:
    model, frame = five_factors()
    frame = frame.astype(float)
    frame.loc[:9, "c1"] = np.nan
    found = confirm_factors(answered(frame, model, 1, 7))
    assert (found.indices.n, found.matrix.n_dropped) == (390, 10)
    assert "perceptions" in found.title()
    assert "n = 390, 10 not used" in found.note()


def test_weights_and_clusters_ask_for_robust_errors() -> None:
    model, frame = five_factors(store=np.arange(400) % 40, weight=1.0)
    plain = confirm_factors(answered(frame, model, 1, 7), estimator="mlr")
    clustered = confirm_factors(answered(frame, model, 1, 7, clusters="store"))
    assert clustered.estimator == "mlr"
    assert "clusters, not respondents" in clustered.note()
    assert clustered.to_frame()["standardised"].tolist() == pytest.approx(plain.to_frame()["standardised"].tolist())
    assert clustered.to_frame()["standardised_se"].tolist() != pytest.approx(
        plain.to_frame()["standardised_se"].tolist(), rel=1e-3
    )
    weighted = confirm_factors(answered(frame, model, 1, 7, weight="weight"))
    assert weighted.estimator == "mlr"
    assert weighted.indices.chi2 == pytest.approx(plain.indices.chi2)
    assert (
        "take estimator='mlr'" in confirm_factors(answered(frame, model, 1, 7, weight="weight"), estimator="ml").note()
    )


def test_a_doubled_row_is_a_row_of_weight_two() -> None:
    model, frame = five_factors(n=300)
    weight = np.where(np.arange(300) < 100, 2.0, 1.0)
    weighted = confirm_factors(answered(frame.assign(w=weight), model, 1, 7, weight="w"))
    doubled = confirm_factors(
        answered(pd.concat([frame, frame[:100]], ignore_index=True), model, 1, 7), estimator="mlr"
    )
    # covariances with divisor n - 1 of 300 and 400 rows differ a little before they are brought to divisor n
    assert weighted.to_frame()["standardised"].tolist() == pytest.approx(
        doubled.to_frame()["standardised"].tolist(), abs=1e-6
    )


def matrix_of(r: Array, n: int = 200, dimensions: list[str] | None = None) -> ItemMatrix:
    return ItemMatrix.from_matrix(r, n, [f"x{i}" for i in range(len(r))], dimensions=dimensions)


def test_models_that_are_not_identified_are_named() -> None:
    r = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    with pytest.raises(NotIdentified, match="'b' has one item"):
        confirm_factors(matrix_of(r), model={"a": ["x0", "x1", "x2"], "b": ["x3"]})
    with pytest.raises(NotIdentified, match="4 free parameters for 3 variances and covariances"):
        confirm_factors(matrix_of(r), model={"a": ["x0", "x1"]})
    with pytest.raises(NotIdentified, match=r"can't be told apart from the data: .*=~"):
        confirm_factors(matrix_of(r), model={"a": ["x0", "x1"], "b": ["x2", "x3"]}, uncorrelated=True)
    with pytest.raises(SpecError, match="second-order factor over 2 factors"):
        confirm_factors(matrix_of(r), model={"a": ["x0", "x1"], "b": ["x2", "x3"]}, second_order="g")


def test_two_items_without_other_factors_to_lean_on_are_not_identified() -> None:
    r = np.eye(6)
    r[:2, :2] = r[2:4, 2:4] = r[4:, 4:] = 0.5
    np.fill_diagonal(r, 1)
    with pytest.raises((NotIdentified, NotConverged)):
        confirm_factors(matrix_of(r), model={"a": ["x0", "x1"], "b": ["x2", "x3"], "c": ["x4", "x5"]})


def test_what_does_not_converge_is_refused(shared: Any) -> None:
    frame = holzinger(shared)[items_of(HS)]
    with pytest.raises(NotConverged, match="no best fit was found"):  # lavaan finds none either
        confirm_factors(
            ItemMatrix.from_matrix(frame.cov(), 301), model=HS, method_factors={"method": ["x1", "x4", "x7"]}
        )


def cross_loading(marker: float) -> tuple[Model, Any]:
    """Three factors; the first item of the first loads on the second in truth, and on its own as much as ``marker``."""
    model = {f"f{j}": [f"x{j}{i}" for i in range(4)] for j in range(3)}
    model["f1"].insert(0, "x00")
    loadings = np.zeros((12, 3))
    for j in range(3):
        loadings[4 * j : 4 * j + 4, j] = 0.5, 0.8, 0.7, 0.6
    loadings[0, :2] = marker, 0.6
    phi = np.full((3, 3), 0.4) + 0.6 * np.eye(3)
    covariance = loadings @ phi @ loadings.T
    covariance += np.diag(1.4 - covariance.diagonal())
    return model, pd.DataFrame(covariance, columns=[f"x{j}{i}" for j in range(3) for i in range(4)])


@pytest.mark.parametrize("general", [None, "g"])
def test_a_marker_that_hardly_measures_its_factor_does_not_stop_the_model(general: str | None) -> None:
    """Where markers lead nowhere, variances of 1 do; the solution is the same in either units."""
    said = {"kept": 0, "changed": 0, "none": 0}
    for seed in range(8):
        model, truth = cross_loading(0.08 if seed % 2 else -0.08)
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.multivariate_normal(np.zeros(12), truth, 300), columns=truth.columns)
        matrix = ItemMatrix.from_matrix(frame.cov(), 300)
        found = confirm_factors(matrix, model=model, second_order=general)
        plain = confirm_factors(matrix, model=model, second_order=general, scale_by="variance")
        assert found.indices.chi2 == pytest.approx(plain.indices.chi2, abs=1e-4)
        size = [found.loadings.abs().to_numpy(), plain.loadings.abs().to_numpy()]
        np.testing.assert_allclose(*size, atol=2e-3)
        one, other = (each.to_frame().set_index(["factor", "item"])["standardised_se"] for each in (found, plain))
        np.testing.assert_allclose(one, other.loc[one.index], rtol=0.02)
        note, chinese = found.note(), found.in_language("zh").note()
        if "other items set the units" in note:
            said["changed"] += 1
            fixed = found.to_frame().query("reason == 'fixed' and factor == 'f0'")
            assert fixed["item"].tolist() != ["x00"]
            assert f"{fixed['item'].iloc[0]} in place of x00 for 'f0'" in note
            assert "“f0”由 x00 改为" in chinese
        elif "brought to the markers" in note:
            said["kept"] += 1
            assert found.to_frame().query("factor == 'f0' and item == 'x00'")["reason"].tolist() == ["fixed"]
            assert "再换算至标记题项" in chinese
        else:
            said["none"] += 1
    assert said["changed"] + said["kept"] > 0
    assert said["changed"] > 0


def test_a_marker_without_any_loading_gives_way_to_another_item() -> None:
    """From an exact covariance: the loadings that made it come back, in the units of another item."""
    model, truth = cross_loading(0.0)
    found = confirm_factors(ItemMatrix.from_matrix(truth * 300 / 299, 300), model=model)
    assert found.indices.chi2 == pytest.approx(0, abs=1e-5)
    lines = found.to_frame().set_index(["factor", "item"])
    assert lines.loc[("f0", "x00"), "standardised"] == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(
        lines.loc["f2"]["standardised"], np.array([0.5, 0.8, 0.7, 0.6]) / np.sqrt(1.4), atol=1e-3
    )
    assert lines.loc[("f0", "x01"), "reason"] == "fixed"
    assert "x01 in place of x00 for 'f0'" in found.note()


def test_matrices_without_likelihood_are_refused_with_the_cause() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 4))
    values = np.column_stack([values, values[:, 0]])
    with pytest.raises(DataError, match=r"correlate perfectly \(x4 and x0") as caught:
        confirm_factors(matrix_of(np.corrcoef(values.T)), model={"a": [f"x{i}" for i in range(5)]})
    assert caught.value.cases["problem"].tolist() == ["repeat each other"]
    few = np.corrcoef(rng.normal(size=(5, 6)).T)
    with pytest.raises(DataError, match="5 respondents answered 6 items"):
        confirm_factors(matrix_of(few, n=5), model={"a": [f"x{i}" for i in range(6)]})
    model, frame = five_factors(n=100)
    with pytest.raises(DataError, match="c1"):
        confirm_factors(answered(frame.assign(c1=4), model, 1, 7))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"estimator": "wlsmw"}, "Choose one of"),
        ({"estimator": "mlr"}, "needs the answers themselves"),
        ({"model": {"a": ["x0", "x1", "y"]}}, "the data lack: y"),
        ({"model": {}}, "names no factor"),
        ({"model": {"a": ["x0", "x1", "x2", "x3"]}, "method_factors": {"a": ["x0"]}}, "Two factors are called 'a'"),
        ({"model": {"a": ["x0", "x0", "x1"]}}, "each only once"),
        ({"model": {"a": ["x0", "x1", "x2", "x3"]}, "residual_covariances": [("x0", "z")]}, "lack: 'z'"),
        ({"level": 95}, "between 0 and 1"),
        ({}, "Items without a dimension"),
    ],
)
def test_bad_requests_are_told(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        confirm_factors(matrix_of(np.full((4, 4), 0.5) + 0.5 * np.eye(4)), **asked)


def test_markers_are_items_of_their_factor() -> None:
    model = {"a": ["x0", "x1", "x2"], "b": ["x3", "x4", "x5"]}
    table = plan_model(model, items_of(model), markers={"b": "x4"})
    fixed = np.flatnonzero(table.of_kind("loading") & (table.free < 0))
    assert [table.name(int(line)) for line in fixed] == ["a =~ x0", "b =~ x4"]
    with pytest.raises(SpecError, match="'b' can't get its unit from x0"):
        plan_model(model, items_of(model), markers={"b": "x0"})


def test_polychoric_matrices_need_their_answers() -> None:
    r = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    matrix = ItemMatrix.from_matrix(r, 200, kind="polychoric", dimensions=["a"] * 4)
    for estimator in (None, "ml"):
        with pytest.raises(SpecError, match=r"answers themselves|give Responses|Give Responses"):
            confirm_factors(matrix, estimator=estimator)  # type: ignore[arg-type]


def test_a_model_without_degrees_of_freedom_says_so() -> None:
    r = np.array([[1, 0.5, 0.4], [0.5, 1, 0.3], [0.4, 0.3, 1]])
    found: FactorModel = confirm_factors(matrix_of(r), model={"a": ["x0", "x1", "x2"]})
    assert found.indices.df == 0
    assert "fits whatever the data" in found.sentence()
    assert "恰好识别" in found.in_language("zh").sentence()
    expected = np.sqrt([0.5 * 0.4 / 0.3, 0.5 * 0.3 / 0.4, 0.4 * 0.3 / 0.5])  # in closed form
    assert found.to_frame()["standardised"].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_callers_data_stay_as_they_are() -> None:
    model, frame = five_factors()
    before = frame.copy()
    responses = answered(frame, model, 1, 7)
    confirm_factors(responses, estimator="mlr")
    pd.testing.assert_frame_equal(frame, before)
