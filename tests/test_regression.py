"""Regressions against R's svyglm, statsmodels and closed forms, and what must hold for any data.

Authorities: survey_api.json (R's survey 4.1, ``svyglm``, six designs) beside the project, with its own tolerance of 1e-5;
tests/reference/regression_and_tables.toml (the same R; factors, missing answers, ``regTermTest``, R², a jackknife), 1e-9;
statsmodels' ``OLS`` and ``Logit``; the odds ratio of a fourfold table with Woolf's standard error.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from servqual.inference import Mean, Student, Taylor, estimate
from servqual.regression import fit_linear, fit_logistic
from servqual.replicates import Bootstrap, Jackknife
from survey_design.errors import DataError, SpecError
from survey_design.sampling import SampleDesign

REFERENCE = Path(__file__).parent / "reference"
R = tomllib.loads((REFERENCE / "regression_and_tables.toml").read_text(encoding="utf-8"))
TIGHT = R["meta"]["tolerance_relative"]

API = {
    "srs": ("apisrs.csv", SampleDesign(weight="pw", population="fpc")),
    "strat": ("apistrat.csv", SampleDesign(strata="stype", weight="pw", population="fpc")),
    "strat_nofpc": ("apistrat.csv", SampleDesign(strata="stype", weight="pw")),
    "clus1": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw", population="fpc", whole_clusters=True)),
    "clus1_nofpc": ("apiclus1.csv", SampleDesign(clusters="dnum", weight="pw")),
    "clus2": ("apiclus2.csv", SampleDesign(clusters=("dnum", "snum"), weight="pw", population=("fpc1", "fpc2"))),
}
SMALL = {
    "one_stage": SampleDesign(strata="stratum", clusters="cluster", weight="weight"),
    "two_stage": SampleDesign(
        strata="stratum", clusters="cluster", weight="weight", population=("clusters_in_stratum", "units_in_cluster")
    ),
}


def small() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "design_small.csv")
    frame = frame[frame["stratum"] != "C"].reset_index(drop=True)
    frame["band"] = pd.cut(frame["x"], [0, 5, 6, 9], labels=["low", "middle", "high"])
    return frame


def schools(shared, name) -> tuple[pd.DataFrame, SampleDesign]:
    file, design = API[name]
    frame = shared.frame(file)
    return frame.assign(yes=(frame["sch.wide"] == "Yes").astype(int)), design


def visits(n=400, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    store = rng.integers(0, 30, n)
    frame = pd.DataFrame({"store": store, "region": store % 3, "w": rng.uniform(0.5, 2, n)})
    frame["wait"] = rng.exponential(5, n)
    frame["tier"] = rng.choice(["flagship", "kiosk", "street"], n)
    frame["staff"] = rng.integers(1, 8, n)
    noise = rng.standard_normal(n) + rng.standard_normal(30)[store]
    frame["rating"] = 5 - 0.2 * frame["wait"] + 0.3 * frame["staff"] + (frame["tier"] == "kiosk") * 0.5 + noise
    frame["returns"] = (frame["rating"] + rng.logistic(size=n) > 5).astype(int)
    return frame


DESIGN = SampleDesign(strata="region", clusters="store", weight="w")


def agrees(model, expected, tolerance):
    table = model.to_frame()
    for name in ("coefficient", "se", "low", "high", "p"):
        assert table[name].to_numpy() == pytest.approx(expected[name], rel=tolerance, abs=1e-12), name
    assert (table["df"] == expected["df"]).all()
    assert model.n == expected["n"]
    if "wald_f" in expected:
        test = model.test(list(model.terms)[-1]) if len(model.terms) > 1 and model.kind == "linear" else model.test()
        assert [test.f, test.df1, test.df2, test.p] == pytest.approx(
            [expected[f"wald_{name}"] for name in ("f", "df1", "df2", "p")], rel=10 * tolerance
        )
    if "r_squared" in expected:
        assert model.r_squared == pytest.approx(expected["r_squared"], rel=tolerance)


# --- outside authorities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(API))
def test_coefficients_and_errors_are_those_of_svyglm(shared, name):
    oracle = shared.oracle("survey_api.json")
    expected = oracle["results"]["clus2_two_stage" if name == "clus2" else name]
    frame, design = schools(shared, name)
    linear = fit_linear(frame, "api00", ["ell", "meals", "mobility"], design)
    logistic = fit_logistic(frame, "yes", ["ell", "meals"], design)
    for model, key in ((linear, "glm_linear"), (logistic, "glm_logit")):
        for column, named in (("coefficient", "coef"), ("se", "se")):
            reference = list(expected[key][named].values())
            assert model.to_frame()[column].to_numpy() == pytest.approx(reference, rel=oracle["tolerance"]["glm_rel"])
    assert (linear.to_frame()["df"] == expected["glm_linear"]["df_residual"]).all()


@pytest.mark.parametrize("name", list(SMALL))
def test_factors_and_joint_tests_are_those_of_r(name):
    frame, design, expected = small(), SMALL[name], R["small"][name]
    agrees(fit_linear(frame, "y", ["x", "band"], design), expected["linear"], TIGHT)
    agrees(fit_linear(frame, "y", "band", design), expected["groups"], TIGHT)
    agrees(fit_logistic(frame, "yes", ["gap1", "sex"], design), expected["logistic"], TIGHT)


@pytest.mark.parametrize("name", ["srs", "strat", "clus1", "clus2"])
def test_school_types_are_compared_as_in_r(shared, name):
    (frame, design), expected = schools(shared, name), R["api"][name]
    agrees(fit_linear(frame, "api00", ["ell", "stype"], design), expected["linear"], TIGHT)
    agrees(fit_linear(frame, "api00", "stype", design), expected["groups"], TIGHT)
    agrees(fit_logistic(frame, "yes", ["ell", "stype"], design), expected["logistic"], TIGHT)


def test_rows_with_something_missing_are_a_domain_as_in_r():
    frame = small().astype({"y": float, "x": float})
    frame.loc[[2, 16, 29], "y"] = np.nan
    frame.loc[[4, 16], "x"] = np.nan
    model = fit_linear(frame, "y", ["x", "sex"], SMALL["one_stage"])
    agrees(model, R["small"]["missing"]["linear"], TIGHT)
    assert (model.n, model.n_dropped) == (38, 4)
    assert "38, 4 rows dropped" in str(model)


def test_jackknife_is_that_of_r():
    table = fit_linear(small(), "y", ["x", "sex"], SMALL["one_stage"], interval=Jackknife()).to_frame()
    for name in ("coefficient", "se"):
        assert table[name].to_numpy() == pytest.approx(R["small"]["jackknife"][name], rel=TIGHT)


def test_student_is_the_textbook_regression_of_statsmodels():
    frame = visits()
    x = sm.add_constant(
        frame[["wait", "staff"]].assign(kiosk=frame["tier"] == "kiosk", street=frame["tier"] == "street")
    )
    x = x[["const", "wait", "staff", "kiosk", "street"]].astype(float)
    ols, mine = sm.OLS(frame["rating"], x).fit(), fit_linear(frame, "rating", ["wait", "staff", "tier"])
    table = mine.to_frame()
    assert table["coefficient"].to_numpy() == pytest.approx(ols.params.to_numpy(), rel=1e-9)
    assert table["se"].to_numpy() == pytest.approx(ols.bse.to_numpy(), rel=1e-9)
    assert table[["low", "high"]].to_numpy() == pytest.approx(ols.conf_int().to_numpy(), rel=1e-9)
    assert mine.r_squared == pytest.approx(ols.rsquared, rel=1e-9)
    assert [mine.test().f, mine.test().p] == pytest.approx([ols.fvalue, ols.f_pvalue], rel=1e-9)
    logit, mine = (
        sm.Logit(frame["returns"], x).fit(disp=0, tol=1e-12),
        fit_logistic(frame, "returns", ["wait", "staff", "tier"]),
    )
    assert mine.to_frame()["coefficient"].to_numpy() == pytest.approx(logit.params.to_numpy(), rel=1e-8)
    assert mine.to_frame()["se"].to_numpy() == pytest.approx(logit.bse.to_numpy(), rel=1e-8)


def test_a_fourfold_table_gives_its_odds_ratio_and_woolfs_error():
    a, b, c, d = 31, 12, 17, 25
    frame = pd.DataFrame({"kiosk": [1] * (a + b) + [0] * (c + d), "yes": [1] * a + [0] * b + [1] * c + [0] * d})
    row = fit_logistic(frame, "yes", "kiosk").to_frame().iloc[1]
    assert row["odds_ratio"] == pytest.approx(a * d / (b * c), rel=1e-10)
    assert row["se"] == pytest.approx(np.sqrt(1 / a + 1 / b + 1 / c + 1 / d), rel=1e-10)
    assert np.log(row[["odds_low", "odds_high"]].astype(float)).tolist() == pytest.approx(row[["low", "high"]].tolist())


# --- identities --------------------------------------------------------------------------------------------


def test_groups_alone_give_the_groups_means():
    frame = visits()
    model = fit_linear(frame, "rating", "tier", DESIGN)
    means = estimate(frame, Mean("rating"), DESIGN, by="tier").to_frame().set_index("tier")["estimate"]
    fitted = model.to_frame().set_index("term")["coefficient"]
    assert fitted["(intercept)"] == pytest.approx(means["flagship"])
    assert fitted["tier=kiosk"] == pytest.approx(means["kiosk"] - means["flagship"])
    intercept = model.to_frame().iloc[0]
    alone = estimate(frame, Mean("rating"), DESIGN, by="tier").to_frame().set_index("tier").loc["flagship"]
    assert intercept["se"] == pytest.approx(alone["se"], rel=1e-10)


@pytest.mark.parametrize("fit", [fit_linear, fit_logistic])
def test_units_bases_weights_and_order_change_only_what_they_must(fit):
    frame = visits()
    outcome = "rating" if fit is fit_linear else "returns"
    plain = fit(frame, outcome, ["wait", "tier"], DESIGN)
    first = plain.to_frame().set_index("term")
    seconds = (
        fit(frame.assign(wait=60 * frame["wait"] + 1000), outcome, ["wait", "tier"], DESIGN)
        .to_frame()
        .set_index("term")
    )
    assert seconds.loc["wait", ["coefficient", "se"]].tolist() == pytest.approx(
        (first.loc["wait", ["coefficient", "se"]] / 60).tolist(), rel=1e-7
    )
    other = fit(frame, outcome, ["wait", "tier"], DESIGN, base={"tier": "kiosk"})
    turned = other.to_frame().set_index("term")
    assert turned.loc["tier=flagship", "coefficient"] == pytest.approx(
        -first.loc["tier=kiosk", "coefficient"], rel=1e-7
    )
    assert other.test("tier").f == pytest.approx(plain.test("tier").f, rel=1e-7)
    assert other.bases == {"tier": "kiosk"}
    heavy = fit(frame.assign(w=7 * frame["w"]), outcome, ["wait", "tier"], DESIGN).to_frame()
    shuffled = fit(frame.sample(frac=1, random_state=1), outcome, ["wait", "tier"], DESIGN).to_frame()
    for table in (heavy, shuffled):
        for name in ("coefficient", "se", "p"):
            assert table[name].to_numpy() == pytest.approx(first[name].to_numpy(), rel=1e-7)


def test_one_coefficient_tested_jointly_is_its_t_test():
    model = fit_linear(visits(), "rating", ["wait", "staff"], DESIGN)
    row = model.to_frame().iloc[1]
    test = model.test("wait")
    assert test.f == pytest.approx((row["coefficient"] / row["se"]) ** 2, rel=1e-12)
    assert test.p == pytest.approx(row["p"], rel=1e-9)


def test_bootstrap_agrees_with_taylor():
    frame = visits(800)
    taylor = fit_linear(frame, "rating", ["wait", "tier"], DESIGN)
    again = fit_linear(frame, "rating", ["wait", "tier"], DESIGN, interval=Bootstrap(3000, seed=1))
    assert again.to_frame()["coefficient"].to_numpy() == pytest.approx(taylor.to_frame()["coefficient"].to_numpy())
    assert again.to_frame()["se"].to_numpy() == pytest.approx(taylor.to_frame()["se"].to_numpy(), rel=0.15)
    percentile = fit_linear(
        frame, "rating", "wait", DESIGN, interval=Bootstrap(500, seed=1, percentile=True)
    ).to_frame()
    assert (percentile["low"] < percentile["coefficient"]).all()
    rows = fit_linear(frame[:100], "rating", "wait", interval=Bootstrap(2000, seed=1)).to_frame()
    assert rows["se"].to_numpy() == pytest.approx(
        fit_linear(frame[:100], "rating", "wait").to_frame()["se"].to_numpy(), rel=0.2
    )


def test_weights_without_a_design_leave_variances_free():
    frame = visits()
    design = SampleDesign(weight="w")
    student = fit_linear(frame, "rating", "wait", design, interval=Student()).to_frame()
    x = sm.add_constant(frame[["wait"]])
    wls = sm.WLS(frame["rating"], x, weights=frame["w"]).fit(cov_type="HC0")
    n = len(frame)
    assert student["se"].to_numpy() == pytest.approx(wls.bse.to_numpy() * np.sqrt(n / (n - 1)), rel=1e-9)
    assert student["se"].to_numpy() == pytest.approx(
        fit_linear(frame, "rating", "wait", design).to_frame()["se"].to_numpy()
    )


# --- what cannot be fitted ---------------------------------------------------------------------------------


def test_separation_is_refused_with_the_terms_that_cause_it():
    frame = visits()
    frame.loc[frame["tier"] == "kiosk", "returns"] = 1
    with pytest.raises(DataError, match=r"^tier=kiosk: tells yes from no .*separation"):
        fit_logistic(frame, "returns", ["wait", "tier"], DESIGN)
    with pytest.raises(DataError, match=r"^wait: tells yes from no"):
        fit_logistic(frame.assign(returns=(frame["wait"] > 4).astype(int)), "returns", ["wait", "staff"])
    with pytest.raises(DataError, match="separation"):  # R's svyglm prints p < .001 for it
        fit_logistic(small(), "yes", ["x", "band"], SMALL["one_stage"])
    with pytest.raises(DataError, match="is 1 in all 400"):
        fit_logistic(frame.assign(returns=1), "returns", "wait")


def test_a_steep_but_finite_slope_is_fitted():
    rng = np.random.default_rng(0)
    x = rng.uniform(-10, 10, 3000)
    frame = pd.DataFrame({"x": x, "yes": (rng.logistic(size=3000) < 4 * x).astype(int)})
    row = fit_logistic(frame, "yes", "x").to_frame().iloc[1]
    assert row["low"] < 4 < row["high"]


def test_dependent_predictors_are_named():
    frame = visits()
    frame["minutes"] = 2 * frame["wait"] + 3
    frame["flat"] = 4
    with pytest.raises(DataError, match=r"^minutes: follows exactly from the other predictors"):
        fit_linear(frame, "rating", ["wait", "staff", "minutes"])
    with pytest.raises(DataError, match=r"^flat: does not vary among the 400"):
        fit_linear(frame, "rating", ["flat", "staff"])
    with pytest.raises(DataError, match="'tier' does not vary: it is kiosk"):
        fit_linear(frame[frame["tier"] == "kiosk"], "rating", "tier")
    with pytest.raises(DataError, match="follows exactly"):
        fit_linear(frame[:3], "rating", ["wait", "staff", "w"])


def test_bad_arguments_say_what_to_do():
    frame = visits()
    with pytest.raises(DataError, match=r"no column 'wiat'.*Did you mean 'wait'"):
        fit_linear(frame, "rating", "wiat")
    with pytest.raises(SpecError, match="predictors is empty"):
        fit_linear(frame, "rating", [])
    with pytest.raises(SpecError, match="wait is named twice"):
        fit_linear(frame, "rating", ["wait", "wait"])
    with pytest.raises(SpecError, match="rating is named twice"):
        fit_linear(frame, "rating", ["rating"])
    with pytest.raises(SpecError, match="base names region"):
        fit_linear(frame, "rating", "tier", base={"region": 1})
    with pytest.raises(SpecError, match="'shop' does not occur"):
        fit_linear(frame, "rating", "tier", base={"tier": "shop"})
    with pytest.raises(SpecError, match="the column is numeric"):
        fit_linear(frame, "rating", "staff", base={"staff": 1})
    with pytest.raises(DataError, match="400 values are not 0 or 1") as found:
        fit_logistic(frame.assign(returns=frame["returns"] + 2), "returns", "wait")
    assert len(found.value.cases) == 400
    with pytest.raises(DataError, match="'tier' is not numeric"):
        fit_linear(frame, "tier", "wait")
    with pytest.raises(DataError, match="no row has 'rating'"):
        fit_linear(frame.assign(rating=np.nan), "rating", "wait")
    with pytest.raises(DataError, match="infinite in 400"):
        fit_linear(frame.assign(wait=np.inf), "rating", "wait")
    with pytest.raises(SpecError, match="would fit it anew"):
        fit_logistic(frame, "returns", "wait", DESIGN, interval=Bootstrap(100))
    model = fit_linear(frame, "rating", "wait")
    with pytest.raises(SpecError, match=r"no predictor staff\. It has: wait"):
        model.test("staff")
    with pytest.raises(SpecError, match="no term 'staff'"):
        model.sentence("staff")


def test_too_few_clusters_leave_no_interval():
    frame = visits()
    frame["store"] = frame["store"] % 3
    model = fit_linear(frame, "rating", ["wait", "staff", "w"], SampleDesign(clusters="store"))
    table = model.to_frame()
    assert (table["reason"] == "no df").all()
    assert table[["se", "low", "high", "p"]].isna().all(axis=None)
    assert "as many coefficients as clusters" in str(model)
    assert "系数个数不少于群数减层数" in str(model.in_language("zh"))
    assert model.test().sentence() == "No joint test of wait, staff, w: no degrees of freedom are left."
    assert model.test().sentence("zh") == "未作联合检验（wait、staff、w）：没有剩余的自由度。"
    assert "no interval: no degrees of freedom" in model.sentence("wait")
    tied = fit_linear(
        frame.assign(store=np.arange(400) % 5), "rating", ["wait", "tier"], SampleDesign(clusters="store")
    )
    assert tied.test().df2 == 1
    assert np.isfinite(tied.test("wait").p)


def test_a_perfect_fit_is_not_tested():
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "y": [3.1, 5.1, 7.1, 9.1]})
    for design in (None, SampleDesign(weight="x")):
        model = fit_linear(frame, "y", "x", design)
        assert model.to_frame()["coefficient"].tolist() == pytest.approx([1.1, 2.0])
        assert (model.to_frame()["reason"] == "no variation").all()
        assert model.to_frame()["p"].isna().all()
        assert "the fit is perfect" in model.test().sentence()
        assert model.r_squared == pytest.approx(1)


def test_one_cluster_speaks_of_its_respondents_only():
    frame = visits().assign(store="only")
    table = fit_linear(frame, "rating", "wait", SampleDesign(clusters="store")).to_frame()
    assert (table["reason"] == "one cluster").all()
    assert (table["df"] == 398).all()


# --- words -------------------------------------------------------------------------------------------------


def test_results_speak_both_languages():
    frame = visits()
    linear, logistic = (
        fit_linear(frame, "rating", ["wait", "tier"], DESIGN),
        fit_logistic(frame, "returns", "wait", DESIGN),
    )
    assert linear.title() == "Linear regression of rating"
    assert logistic.in_language("zh").title() == "logistic 回归：returns"
    assert "tier: kiosk (against flagship)" in str(linear)
    assert "tier：kiosk（以 flagship 为基准）" in str(linear.in_language("zh"))
    assert "weighted R²" in linear.note()
    assert "R²" not in logistic.note()
    chinese = linear.in_language("zh").note()
    assert "不等于因果" in chinese
    assert "; " not in chinese
    assert ". " not in chinese.replace("R² = 0.", "")
    sentence = linear.sentence("tier=kiosk")
    assert sentence.startswith("tier: kiosk (against flagship) has a coefficient of ")
    assert sentence.endswith("the other predictors held equal.")
    assert logistic.in_language("zh").sentence("wait").startswith("returns：wait的优势比为 0.")
    assert "is rejected at 5%" in linear.test().sentence()
    assert "没有差别" in linear.test("wait", "tier").sentence("zh")
    assert "classical errors" in fit_linear(frame, "rating", "wait").note()
    assert "经典标准误" in fit_linear(frame, "rating", "wait").in_language("zh").note()
    assert isinstance(linear.interval, Taylor)


def test_kinds_of_columns_and_the_frame_left_alone():
    frame = visits().assign(loyal=lambda f: f["wait"] > 4, grade=lambda f: pd.Categorical(f["staff"] > 4))
    before = frame.copy()
    model = fit_linear(frame, "rating", ["loyal", "grade"], DESIGN)
    assert list(model.to_frame()["term"]) == ["(intercept)", "loyal=True", "grade=True"]
    fit_logistic(frame.assign(returns=frame["returns"] == 1), "returns", "wait")
    pd.testing.assert_frame_equal(frame, before)
    nullable = frame.astype({"staff": "Int64"})
    nullable.loc[0, "staff"] = pd.NA
    assert fit_linear(nullable, "rating", "staff").n_dropped == 1


def test_terms_are_tested_by_whose_they_are_and_not_by_their_names():
    generator = np.random.default_rng(3)
    frame = pd.DataFrame({"g": generator.choice(list("abc"), 200), "z": generator.normal(size=200)})
    frame["y"] = frame["z"] + generator.normal(size=200)
    apart = fit_linear(frame, "y", ["g", "z"])
    assert (apart.test("g").df1, apart.test("z", "g").df1) == (2, 3)
    clash = frame.rename(columns={"z": "g=b"})
    for fit in (["g", "g=b"], ["g=b", "g"]):
        with pytest.raises(
            SpecError, match=r"terms of the same name: 'g=b' from '.+' and '.+'. Rename one of the columns"
        ):
            fit_linear(clash, "y", fit)
    with pytest.raises(SpecError, match="'\\(intercept\\)' from the intercept and"):
        fit_linear(frame.rename(columns={"z": "(intercept)"}), "y", "(intercept)")
    odd = fit_linear(clash, "y", ["g", "g=b"], base={"g": "b"})  # now no term of g bears that name
    named = fit_linear(frame, "y", ["g", "z"], base={"g": "b"})
    assert odd.test("g").f == pytest.approx(named.test("g").f, rel=1e-12)
    group = fit_linear(frame.rename(columns={"g": "(intercept)"}), "y", ["(intercept)", "z"])
    assert group.test("(intercept)").f == pytest.approx(apart.test("g").f, rel=1e-12)


@pytest.mark.parametrize("base", [None, {"g": "a"}])
def test_a_number_and_a_text_written_alike_are_refused(base):
    frame = pd.DataFrame({"g": pd.Series([1, "1", "a", "b"] * 20, dtype=object), "y": np.arange(80) % 7})
    with pytest.raises(SpecError, match=r"predictor 'g': the categories 1, '1' are different values written alike"):
        fit_linear(frame, "y", "g", base=base)


def test_numbers_that_gaps_made_objects_are_numbers():
    """As :class:`Responses` hold whole numbers with gaps; taken for categories they would give a term per value."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"y": rng.normal(size=40), "age": rng.integers(20, 25, 40).astype(float)})
    frame.loc[3, "age"] = np.nan
    held = frame.assign(age=frame["age"].astype("Int64").astype(object).where(frame["age"].notna(), None))
    assert held["age"].dtype == object
    pd.testing.assert_frame_equal(fit_linear(held, "y", "age").frame, fit_linear(frame, "y", "age").frame)
    pd.testing.assert_frame_equal(fit_linear(held, "age", "y").frame, fit_linear(frame, "age", "y").frame)
