"""Consistency and item analysis: alpha, omega and their errors, against other programs and identities.

Authorities, and the tolerance each is held to:

* ``reliability_*.json``, ``omega_hierarchical.json`` (R 4.2.2: psych 2.2.9, lavaan 0.6-14): the tolerances in the files, alpha
  and Feldt's interval 1e-9 and 1e-8 relative, omega 1e-4, omega hierarchical 2e-3 absolute.
* Babakus and Boller's (1992) correlation matrix and n = 502 alone: alphas to .001, as recomputed by psych.
* tests/reference/psychometrics.toml (R's survey 4.1: delta method on weighted totals, clusters and strata): 1e-8 relative.
* R's ``psych::splitHalf`` on correlations of the kiosk study: 1e-6, as printed.
* Influence of alpha by ``servqual.estimate`` with a statistic of its own (complex step), under raked weights: 1e-8.
* Gauss-Hermite integration over the factor for categorical omega: 1e-10; its error against 250 simulated samples.
* scipy: skewness, Fisher's interval; pandas: means and item-rest correlations; numerical derivatives: 1e-6.

Below these stand identities and hostile input.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Bootstrap, Responses, SampleDesign, Student, Taylor, estimate, load_instrument
from servqual.correlations import ItemMatrix, item_matrix
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from servqual.polychorics import PairCounts, fit_polychorics
from servqual.psychometrics import NormalTheory, Screening, internal_consistency, item_analysis
from servqual.psychometrics.coefficients import (
    alpha,
    alpha_slope,
    feldt_interval,
    greatest_split_half,
    item_rest,
    item_rest_slopes,
    items_needed,
    lambda6,
    normal_variance,
    omega,
    omega_slope,
    one_factor,
)
from servqual.psychometrics.hierarchy import hierarchy
from servqual.psychometrics.ordered import categorical_omega
from servqual.streams import stream_responses
from survey_design import DataError, SpecError
from survey_design.calibration import rake

HERE = Path(__file__).parent
R = tomllib.loads((HERE / "reference" / "psychometrics.toml").read_text(encoding="utf-8"))
FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def small(scale: Scale | None = None, sizes: dict[str, int] | None = None, turned: tuple[str, ...] = ()) -> Instrument:
    """Items a0, a1, … of dimension a, b0, … of b, asked as E_ and P_."""
    sizes = sizes or {"a": 4, "b": 3}
    items = tuple(
        Item(f"{d}{k}", d, {"en": f"{d.upper()}{k}", "zh": f"题{d}{k}"}, {"en": "text"}, reverse=f"{d}{k}" in turned)
        for d, size in sizes.items()
        for k in range(size)
    )
    dimensions = tuple(Dimension(d, {"en": f"Side {d}", "zh": f"维度{d}"}) for d in sizes)
    forms = (Form("expectation", "E_{id}"), Form("perception", "P_{id}"))
    return Instrument("small", "1", {"en": "small"}, "", scale or Scale(1, 7), forms, dimensions, items)


def answers(seed: int, n: int = 120, instrument: Instrument | None = None) -> pd.DataFrame:
    """Respondents with a mood for each form, so that items agree, in eight stores with weights."""
    rng, instrument = np.random.default_rng(seed), instrument or small()
    frame = pd.DataFrame()
    for letter in "PE":
        mood = rng.normal(size=n)
        for item in instrument.items:
            frame[f"{letter}_{item.id}"] = np.clip(np.rint(4 + mood + rng.normal(0, 1, n)), 1, 7)
    frame["store"] = np.r_[np.arange(8), rng.integers(0, 8, n - 8)]
    frame["weight"] = rng.integers(1, 9, n) / 4
    frame["tier"] = np.where(frame["store"] % 2 == 0, "city", "town")
    return frame


def with_gaps(frame: pd.DataFrame, seed: int, share: float = 0.08) -> pd.DataFrame:
    """The same answers with some left out."""
    items = [name for name in frame if name[:2] in ("P_", "E_")]
    gone = np.random.default_rng(seed + 1).random((len(frame), len(items))) < share
    return frame.assign(**frame[items].mask(gone))


def congeneric(seed: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loadings, uniquenesses, and the covariance they make exactly."""
    rng = np.random.default_rng(seed)
    loadings, own = rng.uniform(0.3, 2.0, k), rng.uniform(0.2, 2.0, k)
    return loadings, own, np.outer(loadings, loadings) + np.diag(own)


# --- psych and lavaan ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kiosk(shared):
    return Responses(
        shared.frame("kiosk_servqual.csv"), load_instrument(HERE / "studies" / "kiosk-24.toml"), respondent="id"
    )


def bfi_instrument() -> Instrument:
    """Twenty-five items of five traits, some of them turned round."""
    turned = {"A1", "C4", "C5", "E1", "E2", "O2", "O5"}
    items = tuple(
        Item(f"{d}{k}", d, {"en": f"{d}{k}"}, {"en": ""}, f"{d}{k}" in turned) for d in "ACENO" for k in range(1, 6)
    )
    return Instrument("bfi", "1", {"en": "bfi"}, "", Scale(1, 6), (Form("perception", "{id}"),),
                      tuple(Dimension(d, {"en": d}) for d in "ACENO"), items)  # fmt: skip


def held_against(row: pd.Series, expected: dict) -> None:
    assert [row["n"], row["k"]] == [expected["n_complete"], expected["k"]]
    found = [row[name] for name in ("alpha", "alpha_standardized", "lambda6", "mean_r")]
    wanted = [expected[name] for name in ("alpha_raw", "alpha_standardized", "guttman_lambda6", "mean_interitem_r")]
    assert found == pytest.approx(wanted, rel=1e-9)
    feldt = expected["ci_feldt"]
    assert [row["alpha_low"], row["alpha_high"]] == pytest.approx([feldt["low"], feldt["high"]], rel=1e-8)
    if "omega_one_factor_ml" in expected:
        assert row["omega"] == pytest.approx(expected["omega_one_factor_ml"]["omega_model_implied"], abs=1e-4)
    else:
        assert np.isnan(row["omega"])
        assert row["reason"] == "two items"


def items_held_against(table: pd.DataFrame, expected: dict) -> None:
    for (_, row), item in zip(table.iterrows(), expected["if_dropped"], strict=True):
        assert [row["r_rest"], row["alpha_if_dropped"]] == pytest.approx(
            [item["item_rest_r"], item["alpha_raw"]], rel=1e-9
        )
        assert row["sd"] == pytest.approx(item["sd"], rel=1e-9)


@pytest.mark.parametrize("of", ["perception", "expectation", "gap"])
def test_kiosk_against_psych_and_lavaan(kiosk, shared, of):
    oracle = shared.oracle("reliability_kiosk.json")
    found, items = internal_consistency(kiosk, of=of, interval=NormalTheory()), item_analysis(kiosk, of=of).to_frame()
    letter = {"perception": "P", "expectation": "E", "gap": "gap"}[of]
    for dimension in ("tangibles", "security", "economy", "convenience", "usefulness", "control"):
        expected = oracle["results"][f"{letter}_{dimension}"]
        held_against(found.row(dimension), expected)
        own = items[items["dimension"] == dimension]
        if "if_dropped" in expected:
            items_held_against(own, expected)
            assert own["mean"].tolist() == pytest.approx(
                [each["mean"] for each in expected["if_dropped"]], rel=1e-9, abs=1e-12
            )
    if of == "gap":
        for each in oracle["difference_score_reliability"]:
            row = found.row(each["dimension"])
            assert row["reliability_difference"] == pytest.approx(each["reliability_of_difference"], rel=1e-9)


@pytest.mark.parametrize(
    ("oracle", "data", "columns"),
    [
        ("reliability_mobi.json", "mobi_ecsi.csv", {"Image": ("IMAG", 5), "Expectation": ("CUEX", 3), "Quality": ("PERQ", 7),
         "Value": ("PERV", 2), "Satisfaction": ("CUSA", 3), "Loyalty": ("CUSL", 3)}),
        ("reliability_bank.json", "bank_satisfaction.csv", {"IMAG": ("imag", 5), "EXPE": ("expe", 5), "QUAL": ("qual", 5),
         "VAL": ("val", 4), "SAT": ("sat", 4), "LOY": ("loy", 4)}),
    ],
)  # fmt: skip
def test_mobi_and_bank_against_psych_and_lavaan_from_their_matrix(shared, oracle, data, columns):
    frame, results = shared.frame(data), shared.oracle(oracle)["results"]
    names = [f"{stem}{k}" for stem, size in columns.values() for k in range(1, size + 1)]
    groups = [name for name, (_, size) in columns.items() for _ in range(size)]
    matrix = ItemMatrix.from_matrix(frame[names].cov(), len(frame), dimensions=groups)
    found, items = internal_consistency(matrix), item_analysis(matrix).to_frame()
    for dimension in columns:
        held_against(found.row(dimension), results[dimension])
        if "if_dropped" in results[dimension]:
            items_held_against(items[items["dimension"] == dimension], results[dimension])


def test_the_heywood_case_of_mobi_is_said_and_has_no_interval(shared):
    """lavaan's standardised loading is 1.087: more than an item can share."""
    frame = shared.frame("mobi_ecsi.csv")[["CUSL1", "CUSL2", "CUSL3"]]
    found = internal_consistency(ItemMatrix.from_matrix(frame.cov(), 250))
    row = found.row("all")
    assert row["reason"] == "heywood"
    assert np.isnan(row[["omega_se", "omega_low", "omega_high"]].astype(float)).all()
    assert np.isfinite(row["alpha_low"])
    assert "Heywood case" in found.to_string()
    assert "Heywood 情形" in found.in_language("zh").to_string()
    fitted = one_factor(frame.corr().to_numpy())
    expected = shared.oracle("reliability_mobi.json")["results"]["Loyalty"]["omega_one_factor_ml"]["std_loadings"]
    assert fitted.loadings.tolist() == pytest.approx(expected, abs=1e-4)
    assert not fitted.proper
    assert fitted.found


def test_attitude_and_bfi_with_answers_missing(shared):
    results = shared.oracle("reliability_attitude_bfi.json")["results"]
    attitude = shared.frame("attitude.csv")
    held_against(internal_consistency(ItemMatrix.from_matrix(attitude.cov(), 30)).row("all"), results["attitude"])
    responses = Responses(shared.frame("bfi.csv")[list(bfi_instrument().columns("perception"))], bfi_instrument())
    listwise, pairwise = (
        internal_consistency(responses, missing=rule, interval=NormalTheory()) for rule in ("listwise", "pairwise")
    )
    items = item_analysis(responses).to_frame()
    for trait in "ACENO":
        held_against(listwise.row(trait), results[trait])
        assert listwise.row(trait)["n_dropped"] == 2800 - results[trait]["n_complete"]
        assert pairwise.row(trait)["alpha"] == pytest.approx(results[trait]["alpha_raw_pairwise_cov"], rel=1e-9)
        own = items[items["dimension"] == trait]
        assert own["r_rest"].tolist() == pytest.approx([each["item_rest_r"] for each in results[trait]["if_dropped"]])


@pytest.mark.parametrize("name", ["kiosk_P", "mobi"])
def test_omega_hierarchical_against_psych(shared, name):
    expected = shared.oracle("omega_hierarchical.json")
    loadings, tolerance = expected["results"][name]["general_loadings"], expected["tolerance"]
    frame = shared.frame({"kiosk_P": "kiosk_servqual.csv", "mobi": "mobi_ecsi.csv"}[name])[list(loadings)]
    found = hierarchy(frame.cov().to_numpy())
    assert found is not None
    wanted = [expected["results"][name][key] for key in ("omega_h", "omega_total")]
    assert [found.omega_hierarchical, found.omega_total] == pytest.approx(wanted, abs=tolerance["omega_abs"])
    assert found.general.tolist() == pytest.approx(list(loadings.values()), abs=tolerance["loadings_abs"])
    row = internal_consistency(ItemMatrix.from_matrix(frame.corr(), len(frame))).row("all")
    assert row["omega_hierarchical"] == pytest.approx(wanted[0], abs=tolerance["omega_abs"])
    assert row["alpha_standardized"] == pytest.approx(expected["results"][name]["alpha_std_based"], rel=1e-9)
    assert row["lambda6"] == pytest.approx(expected["results"][name]["G6"], rel=1e-9)


def test_babakus_and_boller_from_matrix_and_n_alone(shared):
    """Alphas by psych, Feldt's interval of all 22 items, and omega hierarchical of five group factors, all as printed."""
    matrix = (
        shared.frame("servqual_bb1992_simulated.csv").corr().round(2)
    )  # correlations of the paper, as it prints them
    groups = [name for name, size in (("tan", 4), ("rel", 5), ("res", 4), ("ass", 4), ("emp", 5)) for _ in range(size)]
    found = internal_consistency(ItemMatrix.from_matrix(matrix, 502, dimensions=groups), group_factors=5)
    frame = found.to_frame()
    assert frame["alpha"].tolist() == pytest.approx([0.6616, 0.8213, 0.6845, 0.8273, 0.7065, 0.9143], abs=1e-4)
    row = found.row("all")
    assert [row["alpha_low"], row["alpha_high"]] == pytest.approx([0.903, 0.925], abs=5e-4)
    assert [row["omega_hierarchical"], row["omega_total"]] == pytest.approx([0.741, 0.934], abs=1e-3)


def test_the_best_split_is_that_of_psych(shared):
    """``splitHalf(R)$maxrb`` of R's psych 2.2.9 on the correlations of four sets of kiosk perceptions."""
    printed = {
        (4, 5, 6, 22): 0.8171997,
        (19, 20, 21): 0.7772168,
        (13, 14, 15, 16, 17): 0.7669574,
        (1, 2, 3, 7, 8, 10): 0.8086496,
    }
    frame = shared.frame("kiosk_servqual.csv")
    for items, value in printed.items():
        correlation = frame[[f"P{item:02d}" for item in items]].corr().to_numpy()
        assert float(greatest_split_half(correlation)) == pytest.approx(value, abs=1e-6)


# --- R's survey ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", list(R))
def test_errors_under_a_design_are_those_of_r(shared, block):
    """Alpha (also ``svycralpha``), omega and an item-rest correlation of three school figures, weighted."""
    items = ["ell", "meals", "not.hsg"] if block.endswith("proper") else ["ell", "mobility", "meals"]
    instrument = Instrument("api", "1", {"en": "api"}, "", Scale(0, 100), (Form("perception", "{id}"),),
                            (Dimension("d", {"en": "d"}),), tuple(Item(i, "d", {"en": i}, {"en": i}) for i in items))  # fmt: skip
    clustered = block.startswith("clusters")
    design = SampleDesign(clusters="dnum", weight="pw") if clustered else SampleDesign(strata="stype", weight="pw")
    data = shared.frame("apiclus1.csv" if clustered else "apistrat.csv")[
        [*items, "pw", "dnum" if clustered else "stype"]
    ]
    responses = Responses(data, instrument, design)
    found, expected = internal_consistency(responses), R[block]
    row = found.row("d")
    assert isinstance(found.interval, Taylor)
    assert row["alpha"] == pytest.approx(expected["svycralpha"], rel=1e-10)
    assert [row["alpha"], row["alpha_se"]] == pytest.approx(expected["alpha"], rel=1e-8)
    assert row["df"] == expected["df"]
    proper = row["reason"] == ""
    assert proper == block.endswith("proper") or block == "clusters"
    if proper:
        assert [row["omega"], row["omega_se"]] == pytest.approx(expected["omega"], rel=1e-8)
    else:
        assert row["reason"] == "heywood"
        assert row["omega"] == pytest.approx(expected["omega"][0], rel=1e-8)
    first = item_analysis(responses).row(items[0])
    assert [first["r_rest"], first["se"]] == pytest.approx(expected["rest_first"], rel=1e-8)
    t = stats.t.ppf(0.975, expected["df"]) * row["alpha_se"] / (1 - row["alpha"])
    assert [row["alpha_low"], row["alpha_high"]] == pytest.approx(1 - (1 - row["alpha"]) * np.exp([t, -t]), rel=1e-10)


class Alpha:
    """Alpha written for ``estimate``, which differentiates it by a complex step."""

    def __init__(self, columns):
        self.columns, self.names = tuple(columns), ("alpha",)

    def __call__(self, sums):
        c = np.stack([np.stack([sums.covariance(a, b) for b in self.columns], axis=-1) for a in self.columns], axis=-2)
        k = len(self.columns)
        return (k / (k - 1) * (1 - np.trace(c, axis1=-2, axis2=-1) / c.sum(axis=(-2, -1))))[..., None]


def test_raked_weights_are_counted_in():
    frame = answers(21, 300)
    design = SampleDesign(clusters="store", weight="weight")
    raked = rake(frame, design, {"tier": {"city": 500.0, "town": 700.0}})
    responses = Responses(raked.data(), small(), raked.design)
    row = internal_consistency(responses).row("a")
    expected = estimate(raked.data(), Alpha(["P_a0", "P_a1", "P_a2", "P_a3"]), raked.design).to_frame().iloc[0]
    assert [row["alpha"], row["alpha_se"], row["df"]] == pytest.approx(
        expected[["estimate", "se", "df"]].tolist(), rel=1e-8
    )
    naive = internal_consistency(Responses(raked.data(), small(), raked.design.without_margins())).row("a")
    assert row["alpha_se"] != pytest.approx(naive["alpha_se"], rel=1e-6)


def test_streams_give_what_memory_gives(tmp_path):
    frame = with_gaps(answers(22, 500), 22)
    frame.to_parquet(tmp_path / "answers.parquet")
    design = SampleDesign(clusters="store", weight="weight")
    whole, stream = Responses(frame, small(), design), stream_responses(tmp_path / "answers.parquet", small(), design)
    for verb in (internal_consistency, item_analysis):
        mine, theirs = (verb(each, by="tier", missing="pairwise").to_frame() for each in (whole, stream))
        pd.testing.assert_frame_equal(mine, theirs, rtol=1e-9)


# --- ordered answers -------------------------------------------------------------------------------------------


def ordered(seed: int, k: int = 4) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Loadings, thresholds and categories (some skipped) of k items."""
    rng = np.random.default_rng(seed)
    cuts = [np.sort(rng.normal(size=rng.integers(1, 6))) for _ in range(k)]
    return rng.uniform(0.4, 0.9, k), cuts, [np.cumsum(rng.integers(1, 3, len(own) + 1)).astype(float) for own in cuts]


@FEW
@given(SEEDS)
def test_categorical_omega_is_the_share_of_the_sum_that_the_factor_explains(seed):
    """E[sum | factor] and Var[sum | factor] integrated over the factor by Gauss and Hermite."""
    loadings, cuts, categories = ordered(seed)
    x, w = np.polynomial.hermite_e.hermegauss(200)
    w, mean, spread = w / w.sum(), np.zeros(200), np.zeros(200)
    for loading, own, values in zip(loadings, cuts, categories, strict=True):
        above = stats.norm.sf((own[:, None] - loading * x) / np.sqrt(1 - loading**2))
        shares = -np.diff(np.vstack([np.ones(200), above, np.zeros(200)]), axis=0)
        mean += values @ shares
        spread += values**2 @ shares - (values @ shares) ** 2
    explained = w @ mean**2 - (w @ mean) ** 2
    correlation = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    found = categorical_omega(correlation, cuts, categories)
    assert found.value == pytest.approx(explained / (explained + w @ spread), rel=1e-8)


def test_categorical_omega_moves_as_its_slopes_say():
    loadings, cuts, categories = ordered(3)
    correlation = np.corrcoef(
        np.random.default_rng(1)
        .multivariate_normal(np.zeros(4), np.outer(loadings, loadings) + np.diag(1 - loadings**2), 300)
        .T
    )
    found, step, slopes = categorical_omega(correlation, cuts, categories), 1e-6, []
    for i, j in zip(*np.triu_indices(4, 1), strict=True):
        way = np.zeros((4, 4))
        way[i, j] = way[j, i] = step
        slopes.append(
            (
                categorical_omega(correlation + way, cuts, categories).value
                - categorical_omega(correlation - way, cuts, categories).value
            )
            / (2 * step)
        )
    assert found.by_pair.tolist() == pytest.approx(slopes, abs=1e-7)
    slopes = []
    for place, own in enumerate(cuts):
        for t in range(len(own)):
            both = []
            for sign in (1, -1):
                moved = [each.copy() for each in cuts]
                moved[place][t] += sign * step
                both.append(categorical_omega(correlation, moved, categories).value)
            slopes.append((both[0] - both[1]) / (2 * step))
    assert found.by_threshold.tolist() == pytest.approx(slopes, abs=1e-7)


def test_categorical_omega_of_answers_and_its_error():
    """One factor behind four five-point items: the mean error of 15 samples against the spread of 250."""
    loadings, cuts = np.array([0.6, 0.7, 0.8, 0.75]), np.array([-1.5, -0.5, 0.5, 1.5])
    rng, values, errors, names = np.random.default_rng(4), [], [], [f"P_a{k}" for k in range(4)]
    for sample in range(250):
        latent = loadings * rng.normal(size=(400, 1)) + np.sqrt(1 - loadings**2) * rng.normal(size=(400, 4))
        given = np.searchsorted(cuts, latent) + 1.0
        fit = fit_polychorics(PairCounts.of(given, names, 1, 5))
        values.append(categorical_omega(fit.correlation, fit.thresholds, fit.categories).value)
        if sample < 15:
            responses = Responses(pd.DataFrame(given, columns=names), small(Scale(1, 5), {"a": 4}))
            row = internal_consistency(responses, categorical=True).row("a")
            assert row["omega_categorical"] == pytest.approx(values[-1], rel=1e-10)
            assert row["omega_categorical_low"] < values[-1] < row["omega_categorical_high"]
            errors.append(row["omega_categorical_se"])
    truth = categorical_omega(np.outer(loadings, loadings) + np.diag(1 - loadings**2), [cuts] * 4).value
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / np.sqrt(250))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.18)  # four Monte Carlo errors


def test_categorical_omega_says_why_it_is_not_there():
    frame = answers(31)
    responses = Responses(frame, small(), SampleDesign(clusters="store"))
    found = internal_consistency(responses, categorical=True, by="tier")
    assert found.frame["omega_categorical_se"].notna().all()
    assert "omega categorical" in found.to_string()
    assert "有序 ω" in found.in_language("zh").to_string()
    flat = Responses(frame.assign(P_a0=7), small())
    row, _ = row_of(frame.assign(P_a0=7), categorical=True)
    assert "no polychoric" in row["reason"].split(", ")
    assert np.isfinite(internal_consistency(flat, categorical=True).row("b")["omega_categorical"])
    with pytest.raises(SpecError, match="gap"):
        internal_consistency(responses, categorical=True, of="gap")


def test_a_polychoric_matrix_is_told_to_speak_of_latent_answers():
    matrix = item_matrix(Responses(answers(32, 400), small()), kind="polychoric")
    found, items = internal_consistency(matrix), item_analysis(matrix)
    assert found.frame["omega_categorical"].notna().all()
    assert found.frame[["alpha_low", "omega_low"]].isna().all(axis=None)
    assert "Chalmers 2018" in found.note()
    assert "假设性系数" in found.in_language("zh").note()
    assert found.frame["reason"].str.contains("polychoric").all()
    assert (items.frame["reason"] == "polychoric").all()


# --- identities ------------------------------------------------------------------------------------------------


@FEW
@given(SEEDS, st.integers(3, 9))
def test_omega_of_an_exact_congeneric_matrix_is_its_reliability_and_never_below_alpha(seed, k):
    loadings, own, covariance = congeneric(seed, k)
    fitted = one_factor(covariance)
    assert bool(fitted.proper)
    assert fitted.loadings.tolist() == pytest.approx(loadings.tolist(), rel=1e-6)
    assert fitted.uniquenesses.tolist() == pytest.approx(own.tolist(), rel=1e-5)
    reliability = loadings.sum() ** 2 / covariance.sum()
    assert float(omega(covariance)) == pytest.approx(reliability, rel=1e-8)
    assert float(alpha(covariance)) <= reliability + 1e-12
    assert float(lambda6(covariance)) <= 1
    equal = np.full((k, k), 0.7) + np.diag(own)
    assert float(alpha(equal)) == pytest.approx(0.7 * k * k / equal.sum(), rel=1e-10)
    assert float(omega(equal)) == pytest.approx(float(alpha(equal)), rel=1e-8)


@FEW
@given(SEEDS, st.integers(3, 7))
def test_slopes_are_the_derivatives(seed, k):
    """Against central differences in a random direction, in matrices that no one factor fits."""
    rng = np.random.default_rng(seed)
    covariance = congeneric(seed, k)[2] * 1.0
    draws = rng.multivariate_normal(np.zeros(k), covariance, 400)
    sample = np.cov(draws.T)
    way = rng.normal(size=(k, k))
    way, step = (way + way.T) / 2, 1e-5
    fitted = one_factor(sample)
    for function, slope in ((alpha, alpha_slope(sample)), (item_rest, item_rest_slopes(sample))):
        change = (function(sample + step * way) - function(sample - step * way)) / (2 * step)
        assert np.ravel((slope * way).sum(axis=(-2, -1))).tolist() == pytest.approx(np.ravel(change).tolist(), abs=1e-6)
    if fitted.proper:
        change = (omega(sample + step * way) - omega(sample - step * way)) / (2 * step)
        assert float((omega_slope(fitted, sample) * way).sum()) == pytest.approx(float(change), abs=1e-5)


@FEW
@given(SEEDS)
def test_the_order_of_items_and_many_at_once_change_nothing(seed):
    rng = np.random.default_rng(seed)
    covariances = np.stack(
        [np.cov(rng.multivariate_normal(np.zeros(5), congeneric(seed + j, 5)[2], 60).T) for j in range(6)]
    )
    order = rng.permutation(5)
    turned = covariances[:, order][:, :, order]
    for function in (alpha, lambda6, greatest_split_half):
        assert function(turned).tolist() == pytest.approx(function(covariances).tolist(), rel=1e-10)
        assert function(covariances).tolist() == pytest.approx(
            [float(function(each)) for each in covariances], rel=1e-12
        )
    assert omega(turned).tolist() == pytest.approx(omega(covariances).tolist(), rel=1e-6, nan_ok=True)
    assert omega(covariances).tolist() == pytest.approx(
        [float(omega(each)) for each in covariances], rel=1e-10, nan_ok=True
    )
    even = covariances[:, :4, :4]  # alpha is the mean of all its splits into equal halves
    assert (greatest_split_half(even) >= alpha(even) - 1e-12).all()
    assert item_rest(turned).tolist() == [pytest.approx(each[order].tolist()) for each in item_rest(covariances)]


@FEW
@given(SEEDS)
def test_from_answers_as_from_their_matrix(seed):
    frame = answers(seed)
    responses = Responses(frame, small())
    columns = [f"P_{item.id}" for item in small().items]
    groups = [item.dimension for item in small().items]
    matrix = ItemMatrix.from_matrix(frame[columns].cov(), len(frame), [name[2:] for name in columns], dimensions=groups)
    normal = NormalTheory()
    mine, theirs = internal_consistency(responses, interval=normal).to_frame(), internal_consistency(matrix).to_frame()
    pd.testing.assert_frame_equal(mine, theirs, rtol=1e-9)
    for column in ("r_rest", "alpha_if_dropped", "low", "high", "sd", "r_closest"):
        a, b = (item_analysis(each, interval=normal).to_frame()[column].tolist() for each in (responses, matrix))
        assert a == pytest.approx(b, rel=1e-9)
    row = item_analysis(responses, interval=normal).row("a0")
    rest = frame[["P_a1", "P_a2", "P_a3"]].sum(axis=1)
    fisher = stats.pearsonr(frame["P_a0"], rest)
    assert row["r_rest"] == pytest.approx(fisher.statistic, rel=1e-10)
    interval = fisher.confidence_interval(0.95)
    assert [row["low"], row["high"]] == pytest.approx([interval.low, interval.high], rel=1e-10)
    assert row["skew"] == pytest.approx(stats.skew(frame["P_a0"]), rel=1e-10)
    assert [row["floor"], row["ceiling"]] == pytest.approx([(frame["P_a0"] == 1).mean(), (frame["P_a0"] == 7).mean()])


@FEW
@given(SEEDS)
def test_turning_items_round_twice_is_nothing(seed):
    frame, turned = answers(seed), ("a1", "b2")
    other = frame.assign(**{f"{letter}_{item}": 8 - frame[f"{letter}_{item}"] for letter in "PE" for item in turned})
    for of in ("perception", "gap"):
        mine = internal_consistency(Responses(frame, small()), of=of).to_frame()
        theirs = internal_consistency(Responses(other, small(turned=turned)), of=of).to_frame()
        pd.testing.assert_frame_equal(mine, theirs, rtol=1e-9)
    wrong = item_analysis(Responses(other, small()))
    assert "reversed" in wrong.row("a1")["flags"].split(", ")
    assert wrong.row("a1")["proposal"] == "drop"
    assert wrong.row("b2")["proposal"] == "review"  # three items are too few to lose one


@FEW
@given(SEEDS)
def test_equal_weights_and_whole_copies_change_no_coefficient(seed):
    frame = with_gaps(answers(seed), seed)
    simple = internal_consistency(Responses(frame, small()), interval=Student())
    names = ["alpha", "alpha_standardized", "lambda6", "split_half", "mean_r"]
    equal = internal_consistency(
        Responses(frame.assign(weight=2.5), small(), SampleDesign(weight="weight")), interval=Student()
    )
    columns = [*names, "alpha_se", "alpha_low", "omega", "omega_se"]
    np.testing.assert_allclose(simple.frame[columns].to_numpy(float), equal.frame[columns].to_numpy(float), rtol=1e-7)
    twice = internal_consistency(Responses(pd.concat([frame, frame], ignore_index=True), small()))
    np.testing.assert_allclose(twice.frame[names].to_numpy(), simple.frame[names].to_numpy(), rtol=1e-10)
    assert twice.frame["n"].tolist() == [2 * n for n in simple.frame["n"]]


@FEW
@given(SEEDS)
def test_errors_free_of_normality_are_those_of_the_influence(seed):
    """Each respondent's influence on alpha written out, summed per person or per store."""
    frame = answers(seed)
    x = frame[["P_a0", "P_a1", "P_a2", "P_a3"]].to_numpy(float)
    for design, w in (
        (None, np.ones(len(x))),
        (SampleDesign(clusters="store", weight="weight"), frame["weight"].to_numpy()),
    ):
        centred = x - np.average(x, axis=0, weights=w)
        s, t = np.average(centred.sum(axis=1) ** 2, weights=w), np.average((centred**2).sum(axis=1), weights=w)
        u = (
            w
            * (4 / 3)
            * (t * centred.sum(axis=1) ** 2 / s**2 - (centred**2).sum(axis=1) / s)
            / w.sum()
            * 120
            / 119
            * 119
            / 120
        )
        units = pd.Series(u).groupby(frame["store"] if design else frame.index).sum()
        m = len(units)
        row = internal_consistency(Responses(frame, small(), design), interval=Taylor() if design else Student()).row(
            "a"
        )
        assert row["alpha"] == pytest.approx(4 / 3 * (1 - t / s), rel=1e-10)
        assert row["alpha_se"] == pytest.approx(np.sqrt(m / (m - 1) * ((units - units.mean()) ** 2).sum()), rel=1e-8)
        assert row["df"] == m - 1


@FEW
@given(SEEDS)
def test_missing_answers_and_groups_against_pandas(seed):
    frame = with_gaps(answers(seed, 200), seed)
    responses = Responses(frame, small())
    found = internal_consistency(responses, by="tier", missing="pairwise", interval=Student())
    for tier, part in frame.groupby("tier"):
        own = part[["P_b0", "P_b1", "P_b2"]]
        row = found.row("b", tier=tier)
        assert row["alpha"] == pytest.approx(float(alpha(own.cov().to_numpy())), rel=1e-9)
        pairs = own.notna().astype(int)
        assert row["n"] == (pairs.T @ pairs).to_numpy().min()
        assert np.isfinite(row["alpha_se"])
    listwise = internal_consistency(responses, by="tier")
    whole = frame[frame["tier"] == "city"]
    complete = whole[["P_a0", "P_a1", "P_a2", "P_a3"]].dropna()
    row = listwise.row("a", tier="city")
    assert [row["n"], row["n_dropped"]] == [len(complete), len(whole) - len(complete)]
    assert row["alpha"] == pytest.approx(float(alpha(complete.cov().to_numpy())), rel=1e-10)
    items = item_analysis(responses)
    assert items.row("a0")["n_missing"] == frame["P_a0"].isna().sum()
    assert items.row("a0")["mean"] == pytest.approx(frame["P_a0"].mean(), rel=1e-12)
    assert items.row("a0")["sd"] == pytest.approx(frame["P_a0"].std(), rel=1e-12)


def test_pairwise_errors_are_those_of_the_jackknife():
    """Influence on a covariance of pairs, against leaving each respondent out and computing alpha again with pandas."""
    frame = with_gaps(answers(5, 150), 5)
    own = frame[["P_b0", "P_b1", "P_b2"]]
    again = np.array([float(alpha(own.drop(row).cov().to_numpy())) for row in own.index])
    jackknife = np.sqrt((149 / 150) * ((again - again.mean()) ** 2).sum())
    found = internal_consistency(Responses(frame, small()), missing="pairwise", interval=Student()).row("b")
    assert found["alpha_se"] == pytest.approx(
        jackknife, rel=0.03
    )  # two first-order formulas, which differ by terms of order 1/n


def test_a_bootstrap_agrees_with_linearisation():
    responses = Responses(answers(3, 600), small(), SampleDesign(clusters="store"))
    assert internal_consistency(responses, interval=Bootstrap(50, seed=1)).to_frame()["df"].tolist() == [7.0] * 3
    simple = Responses(answers(3, 300), small())
    taylor, again = (
        internal_consistency(simple, interval=each).to_frame() for each in (Student(), Bootstrap(800, seed=1))
    )
    for name in ("alpha_se", "omega_se"):
        assert again[name].tolist() == pytest.approx(
            taylor[name].tolist(), rel=0.12
        )  # 800 replicates settle 5% at two sigma
    percentile = internal_consistency(simple, interval=Bootstrap(300, seed=1, percentile=True)).to_frame()
    assert (percentile["alpha_low"] < percentile["alpha"]).all()
    assert (percentile["alpha"] < percentile["alpha_high"]).all()


def test_normal_errors_hold_in_normal_data():
    """2,000 samples of 300 from a population whose items fit one factor unequally well: errors and coverage."""
    rng = np.random.default_rng(7)
    _, _, covariance = congeneric(1, 5)
    draws = rng.multivariate_normal(np.zeros(5), covariance, (2000, 300))
    centred = draws - draws.mean(axis=1, keepdims=True)
    samples = np.einsum("rni,rnj->rij", centred, centred) / 299
    for function, slope in ((alpha, alpha_slope(covariance)), (omega, omega_slope(one_factor(covariance), covariance))):
        spread = function(samples).std()
        assert np.sqrt(normal_variance(slope, covariance, 300)) == pytest.approx(
            spread, rel=0.06
        )  # four Monte Carlo errors
    equal = np.full((4, 4), 1.0) + np.eye(4)
    draws = rng.multivariate_normal(np.zeros(4), equal, (2000, 40))
    centred = draws - draws.mean(axis=1, keepdims=True)
    low, high = feldt_interval(alpha(np.einsum("rni,rnj->rij", centred, centred)), 40, 4, 0.95)
    assert np.mean((low < 0.8) & (high > 0.8)) == pytest.approx(0.95, abs=0.015)  # three Monte Carlo errors


def test_intervals_of_answers_hold_where_half_of_them_are_at_the_top_of_the_scale():
    """100 samples of 400 from a population whose alpha and omega are known from 200,000; Feldt's interval misses them too often."""
    rng, cuts = np.random.default_rng(31), [-2.6, -2.3, -2.0, -1.6, -1.2, -0.1]
    instrument = small(sizes={"a": 4})

    def made(n: int) -> pd.DataFrame:
        latent = 0.8 * rng.standard_normal((n, 1)) + 0.6 * rng.standard_normal((n, 4))
        return pd.DataFrame(np.searchsorted(cuts, latent) + 1, columns=[f"P_{item.id}" for item in instrument.items])

    truth = internal_consistency(ItemMatrix.from_matrix(made(200_000).cov(), 200_000)).row("all")
    inside = {"answers": [], "normal": []}
    for _ in range(100):
        responses = Responses(made(400), instrument)
        for name, interval in (("answers", None), ("normal", NormalTheory())):
            row = internal_consistency(responses, interval=interval).row("a")
            inside[name].append([row[f"{c}_low"] <= truth[c] <= row[f"{c}_high"] for c in ("alpha", "omega")])
    assert np.mean(inside["answers"], axis=0).min() > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 100)
    assert np.mean(inside["normal"], axis=0).max() < 0.88


@FEW
@given(SEEDS)
def test_spearman_and_brown_find_the_number_of_parallel_items(seed):
    rng = np.random.default_rng(seed)
    r, k, wanted = rng.uniform(0.1, 0.8), int(rng.integers(2, 12)), rng.uniform(0.5, 0.95)
    one = k * r / (1 + (k - 1) * r)
    number = float(items_needed(one, k, wanted))
    assert number * r / (1 + (number - 1) * r) == pytest.approx(wanted, rel=1e-10)


def test_a_larger_file_of_the_same_people_has_the_same_coefficients_from_either_half():
    """Moments of two halves add up, so that alpha of the whole follows from them."""
    frame = answers(11, 400)
    whole = internal_consistency(Responses(frame, small())).row("a")["alpha"]
    halves = [part[["P_a0", "P_a1", "P_a2", "P_a3"]].to_numpy(float) for part in (frame[:150], frame[150:])]
    mean = np.concatenate(halves).mean(axis=0)
    gram = sum((half - mean).T @ (half - mean) for half in halves)
    assert whole == pytest.approx(float(alpha(gram)), rel=1e-12)


# --- hostile input ---------------------------------------------------------------------------------------------


def row_of(
    frame: pd.DataFrame, dimension: str = "a", sizes: dict[str, int] | None = None, **options
) -> tuple[pd.Series, str]:
    """One row, and all that the result says in both languages."""
    found = internal_consistency(Responses(frame, small(sizes=sizes)), **options)
    said = found.to_string() + found.in_language("zh").to_string() + found.to_html() + found.to_markdown()
    for language in ("en", "zh"):
        for scale in found.frame["scale"]:
            assert found.in_language(language).sentence(scale)
    assert "nan" not in said.lower()
    return found.row(dimension), said


def test_one_item_and_two_items():
    frame = answers(1, instrument=small(sizes={"a": 1, "b": 2}))
    row, said = row_of(frame, "a", {"a": 1, "b": 2})
    assert row["reason"] == "one item"
    assert np.isnan(row["alpha"])
    assert "nothing to agree with" in said
    assert "仅一个题项" in said
    row, said = row_of(frame, "b", {"a": 1, "b": 2})
    assert row["reason"] == "two items"
    assert np.isfinite(row["alpha"])
    assert "two items: no omega" in said
    items = item_analysis(Responses(frame, small(sizes={"a": 1, "b": 2})))
    assert items.row("a0")["reason"] == "one item"
    assert items.row("a0")["proposal"] == "keep"
    assert items.sentence("a0") == "A0: no item-rest correlation can be given (the only item of its dimension)."
    assert np.isnan(items.row("b0")["alpha_if_dropped"])
    assert np.isfinite(items.row("b0")["r_rest"])


def test_an_item_that_does_not_vary():
    frame = answers(2).assign(P_a1=7)
    row, _ = row_of(frame)
    assert "constant" in row["reason"].split(", ")
    assert np.isnan([row["omega"], row["lambda6"]]).all()
    items = item_analysis(Responses(frame, small()))
    assert items.row("a1")["reason"] == "no variation"
    assert items.row("a1")["flags"].split(", ") == ["constant", "better without", "ceiling"]
    assert items.proposed("drop") == ["a1"]
    assert "everyone answers the same" in items.to_string()
    assert "回答全部相同" in items.in_language("zh").to_string()
    flat = frame.assign(**{f"P_a{k}": 4 for k in range(4)})
    row, _ = row_of(flat)
    assert "constant" in row["reason"]
    assert np.isnan(row["alpha"])
    for interval in (Student(), Bootstrap(40, seed=1)):
        row, _ = row_of(flat, interval=interval)
        assert np.isnan(row["alpha_se"])


def test_items_that_say_the_same():
    frame = answers(3).assign(P_a1=lambda part: part["P_a0"])
    row, _ = row_of(frame)
    assert row["reason"] == "singular"
    assert np.isfinite(row["alpha_low"])
    items = item_analysis(Responses(frame, small()))
    assert "redundant" in items.row("a0")["flags"]
    assert items.row("a0")["closest"] == "a1"
    same = frame.assign(**{f"P_a{k}": frame["P_a0"] for k in range(4)})
    for interval in (None, Student()):
        row, _ = row_of(same, interval=interval)
        assert row["alpha"] == pytest.approx(1)
    assert "exact" in row["reason"].split(", ")
    assert item_analysis(Responses(same, small())).row("a0")["reason"] == "exact"


def test_too_few_respondents():
    frame = answers(4)
    row, _ = row_of(frame[:4])
    assert "few" in row["reason"].split(", ")
    assert np.isnan(row["omega"])
    assert np.isnan(row["lambda6"])
    row, said = row_of(frame[:1])
    assert row["reason"] == "one answer"
    assert "one respondent" in said
    row, said = row_of(frame.assign(**{f"P_a{k}": np.nan for k in range(4)}))
    assert row["reason"] == "no complete"
    assert row["n"] == 0
    assert "nobody answered all" in said
    assert "无人答完" in said
    items = item_analysis(Responses(frame[:1], small()))
    assert items.row("a0")["reason"] == "one answer"
    assert "nan" not in items.to_string().lower()


def test_a_pair_that_nobody_answered():
    frame = answers(5)
    frame.loc[:59, "P_a0"], frame.loc[60:, "P_a1"] = np.nan, np.nan
    words = {"no pair": ("answered by nobody", "无人同时作答"), "no complete": ("nobody answered all", "无人答完")}
    for rule, reason in (("pairwise", "no pair"), ("listwise", "no complete")):
        row, said = row_of(frame, missing=rule)
        assert np.isnan(row["alpha"])
        assert row["reason"] == reason
        assert all(part in said for part in words[reason])
        assert item_analysis(Responses(frame, small()), missing=rule).row("a2")["reason"] == reason
    assert np.isfinite(row_of(frame, "b", missing="pairwise")[0]["alpha"])


def test_items_that_contradict_each_other():
    frame = answers(6)
    frame["P_a1"], frame["P_a3"] = 8 - frame["P_a0"], 8 - frame["P_a2"]
    row, said = row_of(frame)
    assert "negative" in row["reason"].split(", ")
    assert "turned the wrong way" in said


def test_one_store_and_groups_that_are_stores():
    frame = answers(7)
    design = SampleDesign(clusters="store")
    found = internal_consistency(Responses(frame, small(), design), by="store")
    assert (found.frame["reason"].str.contains("one cluster")).all()
    one = internal_consistency(Responses(frame[frame["store"] == 3], small(), design)).row("a")
    student = internal_consistency(Responses(frame[frame["store"] == 3], small()), interval=Student()).row("a")
    assert one["alpha_se"] == pytest.approx(student["alpha_se"], rel=1e-9)


def test_what_cannot_be_asked():
    frame = answers(8)
    responses = Responses(frame, small())
    matrix = ItemMatrix.from_matrix(np.eye(3) + 0.5 - 0.5 * np.eye(3), 100)
    only = Responses(frame[[f"P_{item.id}" for item in small().items]], replace(small(), forms=small().forms[1:]))
    with pytest.raises(SpecError, match="same people"):
        internal_consistency(only, of="gap")
    with pytest.raises(SpecError, match="holds no such answers"):
        item_analysis(only, of="expectation")
    with pytest.raises(SpecError, match="one group"):
        internal_consistency(matrix, by="tier")
    with pytest.raises(SpecError, match="neither rows nor clusters"):
        internal_consistency(matrix, interval=Bootstrap())
    with pytest.raises(DataError, match="regoin"):
        internal_consistency(responses, by="regoin")
    with pytest.raises(SpecError, match="alpha"):
        internal_consistency(Responses(frame.assign(alpha=1), small()), by="alpha")
    with pytest.raises(SpecError, match="of="):
        internal_consistency(responses, of="perceptoin")
    with pytest.raises(SpecError, match="group_factors"):
        internal_consistency(responses, group_factors=2)
    with pytest.raises(SpecError, match="wanted"):
        internal_consistency(responses, wanted=1.2)
    with pytest.raises(SpecError, match="item_rest"):
        Screening(item_rest=3)
    with pytest.raises(SpecError, match="skew"):
        Screening(skew=-1)
    with pytest.raises(SpecError, match="no row 'c'"):
        internal_consistency(responses).sentence("c")
    with pytest.raises(SpecError, match="no matrix 'c'"):
        item_analysis(responses).inter_item("c")
    with pytest.raises(SpecError, match="normal theory"):
        NormalTheory().spread(None, [])  # type: ignore[arg-type]


# --- words -----------------------------------------------------------------------------------------------------


def test_results_say_themselves_in_both_languages():
    responses = Responses(with_gaps(answers(9), 9), small(), SampleDesign(clusters="store", weight="weight"))
    found = internal_consistency(responses, of="gap", by="tier")
    assert found.title() == "Internal consistency of gaps P − E, by tier"
    assert found.in_language("zh").title() == "内部一致性：差距 P − E（按tier）"
    for part in (
        "answered all of its items",
        "weights",
        "Taylor",
        "of 120 rows kept",
        "reliability of P − E from that of its parts",
    ):
        assert part in found.note()
    for part in ("答完该行全部题项", "权数", "泰勒", "保留 120 行", "差值信度"):
        assert part in found.in_language("zh").note()
    plain = internal_consistency(Responses(answers(9), small()))
    assert plain.sentence("a").startswith("Side a: alpha 0.")
    assert "4 items, n = 120" in plain.sentence("a")
    assert plain.in_language("zh").sentence("a").startswith("维度a：α 0.")
    assert "4 个题项，n = 120。" in plain.in_language("zh").sentence("a")
    assert plain.estimate("a").n == 120
    assert plain.estimate("a", "omega").low < plain.estimate("a", "omega").value
    with pytest.raises(SpecError, match="have intervals"):
        plain.estimate("a", "lambda6")
    items = item_analysis(Responses(answers(9), small()))
    assert items.sentence("a0").endswith("Proposal: keep.")
    assert items.in_language("zh").sentence("a0").endswith("建议：保留。")
    assert items.title() == "Item analysis of perceptions"
    assert items.in_language("zh").title() == "题项分析：感知"
    matrix = items.inter_item("a")
    assert matrix.note() == "n = 120."
    assert matrix.in_language("zh").note() == "样本量 120。"
    own = answers(9)[["P_a0", "P_a1", "P_a2", "P_a3"]].corr().to_numpy()
    np.testing.assert_allclose(matrix.to_frame()[["a0", "a1", "a2", "a3"]].to_numpy(), own, rtol=1e-10)
    assert items.inter_item().frame.shape == (7, 8)


def test_the_verdict_says_what_the_interval_allows():
    strong, weak = np.full((5, 5), 0.7) + 0.3 * np.eye(5), np.full((3, 3), 0.2) + 0.8 * np.eye(3)
    assert internal_consistency(ItemMatrix.from_matrix(strong, 500)).sentence("all").endswith("Alpha reaches 0.8.")
    short = internal_consistency(ItemMatrix.from_matrix(weak, 500))
    assert short.sentence("all").endswith("Alpha falls short of 0.8; about 16 items like these would.")
    assert short.in_language("zh").sentence("all").endswith("α 未达 0.8，约需 16 个同类题项。")
    middling = internal_consistency(ItemMatrix.from_matrix(weak, 500), wanted=0.42)
    assert "may or may not reach 0.42" in middling.sentence("all")


def test_thresholds_are_the_readers():
    responses = Responses(answers(10), small())
    usual, strict = item_analysis(responses), item_analysis(responses, screening=Screening(item_rest=0.99))
    assert set(usual.frame["proposal"]) == {"keep"}
    assert (strict.frame["flags"].str.contains("weak")).all()
    assert "0.99" in strict.note()
    assert "0.99" in strict.in_language("zh").note()
    assert strict.proposed("review") == [item.id for item in small().items]
    with pytest.raises(SpecError, match="proposal"):
        strict.proposed("burn")


def test_answers_are_left_alone():
    frame = with_gaps(answers(12), 12)
    before = frame.copy()
    responses = Responses(frame, small())
    internal_consistency(responses, of="gap", by="tier")
    item_analysis(responses)
    pd.testing.assert_frame_equal(frame, before)


def test_the_note_says_that_dimensions_have_no_general_factor():
    r = np.eye(9) / 2 + 0.5
    matrix = ItemMatrix.from_matrix(
        r + 0.1 * np.kron(np.eye(3), 1 - np.eye(3)), 300, dimensions=["a"] * 3 + ["b"] * 3 + ["c"] * 3
    )
    found = internal_consistency(matrix)
    assert found.frame.set_index("scale")["omega_hierarchical"].notna().sum() == 1
    assert "omega hierarchical (of all items together only)" in found.note()
    assert "层级 ω（仅对全部题项计算）" in found.in_language("zh").note()
