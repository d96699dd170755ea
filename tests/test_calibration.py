"""Calibrated weights and their errors against R's survey 4.1, and identities that hold for any data.

Authorities: raking_apiclus1.json (tolerances from the file; its raked mean 641.23 with SE 23.704 is printed on the help page
of R's ``rake``), and tests/reference/calibration.toml, made by calibration.R with unequal base weights, strata, clusters and
a two-stage finite population (agreement 1e-8; observed 1e-10 or better).
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual import (
    Bootstrap,
    Jackknife,
    Mean,
    Ratio,
    Responses,
    SampleDesign,
    Student,
    Taylor,
    Total,
    Variance,
    compare,
    estimate,
    load_instrument,
    read_responses,
    score_gaps,
)
from servqual.counts import quantile
from servqual.moments import Moments
from servqual.regression import fit_linear
from servqual.shares import share
from servqual.streams import stream_responses
from servqual.tolerance import score_tolerance
from survey_design.calibration import calibrate, poststratify, rake, trim, trimmed_weights, weighting_effect
from survey_design.errors import DataError, SpecError
from survey_design.sampling.margins import Margin, Margins

REFERENCE = Path(__file__).parent / "reference"
STYPE, WIDE = {"E": 4421, "H": 755, "M": 1018}, {"No": 1072, "Yes": 5122}
SCHOOLS = SampleDesign(clusters="dnum", weight="pw", population="fpc", whole_clusters=True)
API99 = {"stype": STYPE, "api99": 3914069}
CALIBRATED = {
    "rake_stype_schwide": lambda f: rake(f, SCHOOLS, {"stype": STYPE, "sch.wide": WIDE}),
    "poststratify_stype": lambda f: poststratify(f, SCHOOLS, {"stype": STYPE}),
    "calibrate_linear_stype": lambda f: calibrate(f, SCHOOLS, {"stype": STYPE}),
    "greg_stype_api99": lambda f: calibrate(f, SCHOOLS, API99),
    "raking_stype_api99": lambda f: calibrate(f, SCHOOLS, API99, method="raking"),
    "logit_bounded_stype_api99": lambda f: calibrate(f, SCHOOLS, API99, method="logit", bounds=(0.3, 3)),
    "rake_then_trim_15_45_strict": lambda f: trim(rake(f, SCHOOLS, {"stype": STYPE, "sch.wide": WIDE}), 15, 45),
}


# --- R, schools --------------------------------------------------------------------------------------------


@pytest.fixture(params=list(CALIBRATED))
def schools(request, shared):
    """A calibration of apiclus1 and R's numbers for it."""
    oracle = shared.oracle("raking_apiclus1.json")
    return (
        CALIBRATED[request.param](shared.frame("apiclus1.csv")),
        oracle["results"][request.param],
        oracle["tolerance"],
    )


def test_weights_of_schools_row_by_row(schools):
    found, reference, tolerance = schools
    assert found.weights.to_numpy() == pytest.approx(reference["weights_in_row_order"], rel=tolerance["weights_rel"])
    assert found.deff == pytest.approx(reference["kish_deff_weights"], rel=1e-6)
    assert found.n_effective == pytest.approx(reference["n_eff"], rel=1e-6)


def test_errors_of_schools_count_the_calibration_in(schools):
    found, reference, tolerance = schools
    for statistic, key in ((Mean("api00"), "mean_api00"), (Total("enroll"), "total_enroll")):
        row = estimate(found.data(), statistic, found.design).to_frame().iloc[0]
        assert row["estimate"] == pytest.approx(reference[key][0]["est"], rel=1e-7)
        assert row["se"] == pytest.approx(reference[key][0]["se"], rel=tolerance["se_rel"])


def test_help_page_of_rake(shared):
    """survey's help page: raked mean of api00 641.23, SE 23.704."""
    found = CALIBRATED["rake_stype_schwide"](shared.frame("apiclus1.csv"))
    row = estimate(found.data(), Mean("api00"), found.design).to_frame().iloc[0]
    assert (round(row["estimate"], 2), round(row["se"], 3)) == (641.23, 23.704)


# --- R, unequal base weights under three designs ------------------------------------------------------------


SMALL = {
    "clustered": SampleDesign(strata="stratum", clusters="cluster", weight="weight"),
    "twostage": SampleDesign(
        strata="stratum", clusters="cluster", weight="weight", population=("clusters_in_stratum", "units_in_cluster")
    ),
    "direct": SampleDesign(strata="stratum", weight="weight"),
}
SEX, VISIT = {"f": 1000, "m": 900}, {"first": 500, "repeat": 1400}
KINDS = {
    "raked": lambda f, d: rake(f, d, {"sex": SEX, "visit": VISIT}),
    "poststratified": lambda f, d: poststratify(f, d, {"sex": SEX}),
    "linear": lambda f, d: calibrate(f, d, {"sex": SEX, "x": 10400}),
    "logit": lambda f, d: calibrate(f, d, {"sex": SEX, "x": 10400}, method="logit", bounds=(0.4, 2.5)),
    "capped": lambda f, d: rake(f, d, {"sex": SEX, "visit": VISIT}, bounds=(0.5, 1.45)),
}


def small() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "design_small.csv")
    return frame[frame[["y", "x"]].notna().all(axis=1) & (frame["stratum"] != "C")]


@pytest.fixture(params=[(design, kind) for design in SMALL for kind in KINDS], ids="-".join)
def case(request):
    """A calibration of the small data and R's numbers for it."""
    design, kind = request.param
    text = (REFERENCE / "calibration.toml").read_text(encoding="utf-8")
    return KINDS[kind](small(), SMALL[design]), tomllib.loads(text)[design][kind]


def test_weights_from_unequal_base_weights(case):
    found, reference = case
    assert found.weights.to_numpy() == pytest.approx(reference["weights"], rel=1e-8)


@pytest.mark.parametrize(
    ("statistic", "key", "by"),
    [
        (Mean("y"), "mean_y", ()),
        (Total("x"), "total_x", ()),
        (Ratio("y", "x"), "ratio_y_x", ()),
        (Variance("y"), "variance_y", ()),
        (Mean("y"), "mean_y_women", "sex"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_from_unequal_base_weights(case, statistic, key, by):
    found, reference = case
    row = estimate(found.data(), statistic, found.design, by=by).to_frame().iloc[0]
    value, error = reference[key]
    assert row["estimate"] == pytest.approx(value, rel=1e-8)
    assert row["se"] == pytest.approx(error, rel=1e-8, abs=1e-9 * value)


def test_regression_counts_the_calibration_in(case):
    found, reference = case
    row = fit_linear(found.data(), "y", ["x"], found.design).to_frame().iloc[1]
    assert [row["coefficient"], row["se"]] == pytest.approx(reference["slope"], rel=1e-8)


# --- closed forms and identities ----------------------------------------------------------------------------


def test_post_stratified_mean_of_a_simple_sample_has_its_closed_form():
    """V = n/(n-1) sum_h W_h² sum (y - mean_h)²/n_h² (Holt and Smith 1979, the linearised form)."""
    generator = np.random.default_rng(5)
    frame = pd.DataFrame({"tier": np.repeat(["a", "b", "c"], [20, 30, 10]), "y": generator.normal(size=60)})
    share = {"a": 0.5, "b": 0.2, "c": 0.3}
    found = poststratify(frame, None, {"tier": share}, population=1000)
    row = estimate(found.data(), Mean("y"), found.design).to_frame().iloc[0]
    parts = [share[t] ** 2 * ((g - g.mean()) ** 2).sum() / len(g) ** 2 for t, g in frame.groupby("tier")["y"]]
    assert row["se"] == pytest.approx(np.sqrt(60 / 59 * sum(parts)), rel=1e-12)
    assert row["estimate"] == pytest.approx(sum(share[t] * g.mean() for t, g in frame.groupby("tier")["y"]), rel=1e-12)


def test_post_stratifying_by_the_strata_changes_no_error_of_a_mean():
    """Strata take out what post-strata would: the stratified estimator's own error, with the same weights."""
    frame = small()
    found = poststratify(frame, SampleDesign(strata="stratum"), {"stratum": {"A": 300, "B": 100}})
    with_margins = estimate(found.data(), Mean("y"), found.design).to_frame().iloc[0]
    without = estimate(found.data(), Mean("y"), found.design.without_margins()).to_frame().iloc[0]
    assert with_margins["se"] == pytest.approx(without["se"], rel=1e-12)


def test_what_was_calibrated_to_has_no_error():
    frame = small().assign(woman=lambda f: (f["sex"] == "f").astype(int))
    found = calibrate(frame, SMALL["clustered"], {"sex": SEX, "x": 10400}, method="raking")
    table = estimate(found.data(), Mean("woman", "x"), found.design).to_frame()
    assert table["estimate"].tolist() == pytest.approx([1000 / 1900, 10400 / 1900], rel=1e-12)
    assert (table["se"] < 1e-12).all()
    assert (estimate(found.data(), Mean("woman"), found.design.without_margins()).to_frame()["se"] > 0.01).all()


def test_errors_are_those_that_repeated_samples_show():
    """150 samples of 150 from a population whose answers depend on tier and sex: the mean SE is the samples' own spread."""
    generator = np.random.default_rng(20)
    n = 20_000
    tier, sex = generator.integers(0, 3, n), generator.integers(0, 2, n)
    population = pd.DataFrame({"tier": tier, "sex": sex, "y": tier + 0.8 * sex + generator.normal(0, 0.7, n)})
    known = {name: population[name].value_counts().to_dict() for name in ("tier", "sex")}
    values, errors, plain = [], [], []
    for _ in range(150):
        sample = population.iloc[generator.choice(n, 150, replace=False)]
        found = rake(sample, None, known)
        row = estimate(found.data(), Mean("y"), found.design).to_frame().iloc[0]
        values.append(row["estimate"])
        errors.append(row["se"])
        plain.append(sample["y"].std() / np.sqrt(150))
    spread = np.std(values)
    assert np.mean(errors) == pytest.approx(spread, rel=3 / np.sqrt(2 * 150))  # 3 standard errors of a spread
    assert spread < 0.7 * np.mean(plain)  # and much smaller than an error that leaves the margins out


columns = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.floats(0.2, 5)), min_size=0, max_size=40)


def crossed(rows) -> pd.DataFrame:
    """Rows that hold every combination at least once, so that every margin can be met."""
    every = [(a, b, 1.0) for a in range(3) for b in range(2)]
    return pd.DataFrame([*every, *rows], columns=["a", "b", "base"])


@settings(deadline=None, max_examples=60)
@given(columns, st.lists(st.floats(1, 10), min_size=3, max_size=3), st.floats(0.1, 0.9))
def test_raking_meets_its_margins_whatever_the_data(rows, a, b):
    frame = crossed(rows)
    before = frame.copy()
    known = {"a": dict(enumerate(np.array(a) / sum(a))), "b": {0: b, 1: 1 - b}}
    found = rake(frame, SampleDesign(weight="base"), known, population=500)
    weights = found.weights.to_numpy()
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(500, rel=1e-10)
    for name in "ab":
        reached = pd.Series(weights).groupby(frame[name]).sum() / 500
        assert reached.to_dict() == pytest.approx(known[name], rel=1e-8)
    ratio = pd.Series(weights / frame["base"])  # base weights are respected: one factor per crossed cell
    assert (ratio.groupby([frame["a"], frame["b"]]).agg(np.ptp) <= 1e-9 * ratio.max()).all()
    pd.testing.assert_frame_equal(frame, before)
    turned = rake(frame, SampleDesign(weight="base"), dict(reversed(known.items())), population=500)
    assert turned.weights.to_numpy() == pytest.approx(weights, rel=1e-8)
    scaled = rake(frame.assign(base=7 * frame["base"]), SampleDesign(weight="base"), known, population=500)
    assert scaled.weights.to_numpy() == pytest.approx(weights, rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(columns, st.sampled_from(["linear", "raking", "logit"]))
def test_bounded_weights_keep_bounds_and_margins_or_say_that_they_cannot(rows, method):
    frame = crossed(rows)
    size = frame["base"].sum()
    reached = {name: frame.groupby(name)["base"].sum() for name in "ab"}
    known = {
        name: (sums * np.linspace(0.9, 1.1, len(sums))).pipe(lambda s: s / s.sum() * size)
        for name, sums in reached.items()
    }
    how = {"method": method, "bounds": (0.7, 1.4)}
    found = calibrate(frame, SampleDesign(weight="base"), known, tolerance=np.inf, **how)
    if found.missed > 1e-8:
        with pytest.raises(DataError, match="missed by") as caught:
            calibrate(frame, SampleDesign(weight="base"), known, **how)
        assert len(caught.value.cases)
    ratio = found.weights / frame["base"]
    assert ratio.between(0.7 - 1e-9, 1.4 + 1e-9).all()


def test_all_methods_give_the_only_solution_where_there_is_one():
    """One margin has one answer: base times target / sum."""
    frame = small()
    one = poststratify(frame, SMALL["direct"], {"sex": SEX}).weights.to_numpy()
    for method, bounds in (("linear", None), ("raking", None), ("logit", (0.3, 3))):
        found = calibrate(frame, SMALL["direct"], {"sex": SEX}, method=method, bounds=bounds)
        assert found.weights.to_numpy() == pytest.approx(one, rel=1e-10)
    assert rake(frame, SMALL["direct"], {"sex": SEX}).weights.to_numpy() == pytest.approx(one, rel=1e-12)


def test_crossed_margins_and_the_size_alone():
    frame = small()
    both = {
        (s, v): n for s, v, n in (("f", "first", 100), ("f", "repeat", 500), ("m", "first", 200), ("m", "repeat", 400))
    }
    found = rake(frame, SMALL["direct"], {("sex", "visit"): both})
    reached = found.weights.groupby([frame["sex"], frame["visit"]]).sum().to_dict()
    assert reached == pytest.approx(both, rel=1e-12)
    assert found.frame["margin"].unique().tolist() == ["sex × visit"]
    alone = calibrate(frame, SMALL["direct"], {"x": 10080}, population=1800)
    assert [alone.weights.sum(), alone.weights @ frame["x"]] == pytest.approx([1800, 10080], rel=1e-12)
    assert "the population's size and x" in alone.sentence()
    assert "总体规模、x" in alone.in_language("zh").sentence()


def test_labels_are_the_same_in_any_spelling():
    frame = pd.DataFrame({"code": [1.0, 2.0, 2.0], "kind": pd.Categorical(["x", "y", "y"])})
    texts = rake(frame.astype({"code": int}).astype({"code": str}), None, {"code": {1: 10, 2: 30}})
    numbers = rake(frame, None, {"code": {"1": 10, "2": 30}})
    assert numbers.weights.tolist() == texts.weights.tolist() == [10, 15, 15]
    assert rake(frame, None, {"kind": {"x": 10, "y": 30}}).weights.tolist() == [10, 15, 15]


def test_weight_bounds_hold_and_are_counted():
    frame = small()
    free = rake(frame, SMALL["direct"], {"sex": SEX, "visit": VISIT})
    cap = float(np.quantile(free.weights, 0.95))
    held = rake(frame, SMALL["direct"], {"sex": SEX, "visit": VISIT}, weight_bounds=(0, cap))
    assert held.weights.max() <= cap * (1 + 1e-9) < free.weights.max()
    assert held.missed < 1e-8
    assert held.n_cap == (held.weights >= cap * (1 - 1e-9)).sum() > 0
    assert "held by a cap" in held.note()
    assert "被上限截断" in held.in_language("zh").note()


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 50), min_size=3, max_size=30))
def test_trimming_keeps_sum_and_bounds(weights):
    weights = np.array(weights)
    low, high = 0.5 * weights.mean(), 1.6 * weights.mean()
    cut = trimmed_weights(weights, low, high)
    assert cut.sum() == pytest.approx(weights.sum(), rel=1e-9)
    assert (cut >= low * (1 - 1e-12)).all()
    assert (cut <= high * (1 + 1e-12)).all()


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=30))
def test_kish_effect_is_one_plus_the_squared_variation(weights):
    weights = np.array(weights)
    assert weighting_effect(weights) == pytest.approx(1 + weights.var() / weights.mean() ** 2, rel=1e-9)


# --- the design carries it into the analysis ----------------------------------------------------------------


INSTRUMENT = load_instrument("retail-13")


def study(n: int = 240, seed: int = 3) -> pd.DataFrame:
    """Paired answers of customers of 24 stores in two tiers, with sex and a base weight."""
    generator = np.random.default_rng(seed)
    store = np.repeat(np.arange(24), n // 24)
    level = generator.normal(0, 0.5, 24)[store]
    frame = pd.DataFrame({"store": store, "tier": np.where(store < 8, "core", "other"), "sex": generator.choice(["f", "m"], n),
                          "base": generator.uniform(1, 4, n)})  # fmt: skip
    lean = np.where(frame["sex"] == "f", 0.6, 0.0)
    for form, shift in (("expectation", 6.0), ("perception", 5.0)):
        for column in INSTRUMENT.columns(form).values():
            frame[column] = np.clip(np.rint(shift + level + lean + generator.normal(0, 1, n)), 1, 7).astype(int)
    return frame


DESIGN = SampleDesign(strata="tier", clusters="store", weight="base")
KNOWN = {"tier": {"core": 300, "other": 700}, "sex": {"f": 450, "m": 550}}
FORMS = {form: list(INSTRUMENT.columns(form).values()) for form in ("expectation", "perception")}


def gap_of(frame: pd.DataFrame) -> pd.Series:
    """Each respondent's mean gap over all items."""
    return frame[FORMS["perception"]].mean(axis=1) - frame[FORMS["expectation"]].mean(axis=1)


@pytest.mark.parametrize("by", [None, "sex", "tier"])
def test_gaps_have_the_errors_of_estimate(by):
    found = rake(study(), DESIGN, KNOWN)
    responses = Responses(found.data(), INSTRUMENT, found.design)
    table = score_gaps(responses, total="items", by=by).total.to_frame()
    mine = table[table["total"] == "mean"].reset_index(drop=True)
    other = estimate(found.data().assign(gap=gap_of), Mean("gap"), found.design, by=by or ()).to_frame()
    if by:
        other = other.set_index(by).loc[mine[by]].reset_index()
    assert mine["se"].to_numpy() == pytest.approx(other["se"].to_numpy(), rel=1e-9)
    naive = Responses(found.data(), INSTRUMENT, found.design.without_margins())
    assert not np.allclose(
        mine["se"], score_gaps(naive, total="items", by=by).total.to_frame()["se"][: len(mine)], rtol=1e-3
    )


def test_comparison_has_the_error_of_a_slope():
    """The difference of two groups' means is the slope on a 0/1 column, whose error R checks above."""
    found = rake(study(), DESIGN, KNOWN)
    gaps = score_gaps(Responses(found.data(), INSTRUMENT, found.design), total="items", by="sex")
    mine = compare(gaps, "sex").to_frame()
    mine = mine[mine["dimension"] == "mean"].iloc[0]
    frame = found.data().assign(gap=gap_of, woman=lambda f: (f["sex"] == "f").astype(float))
    slope = fit_linear(frame, "gap", ["woman"], found.design).to_frame().iloc[1]
    assert abs(mine["difference"]) == pytest.approx(abs(slope["coefficient"]), rel=1e-9)
    assert mine["se"] == pytest.approx(slope["se"], rel=1e-9)


def test_two_files_keep_their_own_margins():
    """Independent samples: variances of both calibrated means add up, each as estimate() gives it."""
    sides = {}
    for form, seed, known in (("perception", 3, KNOWN), ("expectation", 4, {"sex": {"f": 900, "m": 1100}})):
        frame = study(seed=seed).drop(columns=[name for f in FORMS if f != form for name in FORMS[f]])
        sides[form] = rake(frame, SampleDesign(weight="base"), known)
    responses = [Responses(side.data(), INSTRUMENT, side.design) for side in sides.values()]
    table = score_gaps(
        read_responses(perception=responses[0], expectation=responses[1]), total="items"
    ).total.to_frame()
    errors = [
        estimate(
            side.data().assign(mean=lambda f, form=form: f[FORMS[form]].mean(axis=1)), Mean("mean"), side.design
        ).to_frame()["se"][0]
        for form, side in sides.items()
    ]
    assert table["se"][0] == pytest.approx(np.hypot(*errors), rel=1e-9)


def test_read_responses_takes_the_design_as_it_is(tmp_path):
    found = rake(study(), DESIGN, KNOWN)
    path = tmp_path / "weighted.csv"
    found.data().to_csv(path, index=False)
    responses = read_responses(path, INSTRUMENT, found.design)
    assert {"weight_raked", "base", "tier", "sex"} <= set(responses.columns)
    memory = Responses(found.data(), INSTRUMENT, found.design)
    pd.testing.assert_frame_equal(score_gaps(responses).to_frame(), score_gaps(memory).to_frame(), rtol=1e-9)
    assert "Weights were raked to tier and sex; errors count that in." in responses.ledger.note()
    assert "权数经迭代比例调整（raking）校准至 tier、sex，误差已计入校准。" in responses.in_language("zh").ledger.note()
    note = score_gaps(responses).note()
    assert "weights raked to tier and sex, which the errors count in" in note
    assert "miss the totals" not in note
    assert "误差已计入校准" in score_gaps(responses.in_language("zh")).note()


def test_tolerance_and_shares_have_the_errors_of_estimate():
    instrument = load_instrument("tolerance-22")
    generator, n = np.random.default_rng(1), 120
    names = {form.name: list(instrument.columns(form.name).values()) for form in instrument.forms}
    frame = pd.DataFrame({name: generator.integers(1, 8, n) for form in names.values() for name in form})
    frame["sex"] = np.where(frame[names["perception"][0]] + generator.normal(0, 2, n) > 4, "f", "m")
    found = rake(frame, None, {"sex": {"f": 30, "m": 90}})
    responses = Responses(found.data(), instrument, found.design)
    first = [item.id for item in instrument.items if item.dimension == instrument.items[0].dimension]
    columns = [[instrument.columns(form)[item] for item in first] for form in ("perception", "minimum")]
    means = [found.data()[names].mean(axis=1) for names in columns]
    other = estimate(found.data().assign(gap=means[0] - means[1]), Mean("gap"), found.design).to_frame()
    row = score_tolerance(responses).to_frame().iloc[0]
    assert [row["adequacy"], row["adequacy_se"]] == pytest.approx([other["estimate"][0], other["se"][0]], rel=1e-9)
    item = instrument.columns("perception")[first[0]]
    top = estimate(found.data().assign(top=lambda f: (f[item] >= 6) * 1.0), Mean("top"), found.design).to_frame()
    table = share(responses, first[0], at_least=6).to_frame()
    assert table["se"][0] == pytest.approx(top["se"][0], rel=1e-9)


def test_margins_of_many_parts_add_up_as_in_one():
    """300,000 rows are summed in two parts; the margins' totals are their weighted sums."""
    generator, n = np.random.default_rng(2), 300_000
    frame = pd.DataFrame({"tier": generator.integers(0, 3, n), "y": generator.integers(1, 8, n).astype(float)})
    frame.loc[::1000, "y"] = np.nan
    found = poststratify(frame, None, {"tier": {0: 0.2, 1: 0.3, 2: 0.5}}, population=1e6)
    moments = Moments.from_frame(found.data(), ["y"], found.design)
    q = moments.first.shape[1]
    assert moments.wide.sums()[q : q + 3] == pytest.approx([2e5, 3e5, 5e5], rel=1e-12)
    sums = (found.data()["y"].fillna(0) * found.weights).groupby(frame["tier"]).sum()
    assert moments.wide.total()[q - 1, q : q + 3] == pytest.approx(sums.to_numpy(), rel=1e-9)


def test_streams_give_the_same_numbers():
    import pyarrow

    found = calibrate(study(), DESIGN, {"sex": KNOWN["sex"], "base": 2400})
    table = pyarrow.Table.from_pandas(found.data(), preserve_index=False)
    stream = stream_responses(lambda: table, INSTRUMENT, found.design)
    memory = Responses(found.data(), INSTRUMENT, found.design)
    tables = [score_gaps(each, by="tier").to_frame() for each in (stream, memory)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert "calibrated to sex and base" in stream.ledger.note()


def test_moments_of_two_halves_add_up_with_their_margins():
    found = rake(study(), DESIGN, KNOWN)
    frame, column = found.data(), FORMS["perception"][0]
    whole = Moments.from_frame(frame, [column], found.design)
    halves = [Moments.from_frame(part, [column], found.design) for part in (frame[:100], frame[100:])]
    added = halves[0] + halves[1]
    assert added.margins is not None
    assert added.margins.sum(axis=1) == pytest.approx(whole.margins.sum(axis=1), rel=1e-12)
    with pytest.raises(SpecError, match="cannot be added"):
        whole + Moments.from_frame(frame, [column], found.design.without_margins())


def test_missing_answers_do_not_lose_their_margins():
    frame = small().assign(y=lambda f: f["y"].where(f["id"] % 5 != 0))
    found = rake(frame, SMALL["clustered"], {"sex": SEX, "visit": VISIT})
    row = estimate(found.data(), Mean("y"), found.design).to_frame().iloc[0]
    answered = found.data().assign(have=lambda f: f["y"].notna().astype(float), sum=lambda f: f["y"].fillna(0))
    ratio = estimate(answered, Ratio("sum", "have"), found.design).to_frame().iloc[0]
    assert row["se"] == pytest.approx(ratio["se"], rel=1e-10)


def test_rows_lost_after_weighting_are_told():
    found = rake(study(), DESIGN, KNOWN)
    kept = found.data().iloc[40:]
    note = score_gaps(Responses(kept, INSTRUMENT, found.design)).note()
    assert "miss the totals that weights were calibrated to by up to" in note
    zh = score_gaps(Responses(kept, INSTRUMENT.in_language("zh"), found.design)).note()
    assert "请在保留的行上重新校准权数" in zh


def test_what_cannot_count_it_in_says_so():
    found = rake(study(), DESIGN, KNOWN)
    frame = found.data().assign(gap=gap_of)
    for interval in (Bootstrap(50, seed=1), Jackknife()):
        with pytest.raises(SpecError, match="replicates would have to be calibrated"):
            estimate(frame, Mean("gap"), found.design, interval=interval)
    with pytest.raises(SpecError, match=r"without_margins\(\)"):
        quantile(frame, "gap", design=found.design)
    assert len(quantile(frame, "gap", design=found.design.without_margins()).to_frame())
    student = estimate(frame, Mean("gap"), found.design, interval=Student())
    assert "no sample design" in student.note()
    assert Taylor(found.design.margins).sentence("zh").count("校准") == 2


def test_weights_that_were_not_calibrated_change_no_bit():
    frame = study()
    plain = Moments.from_frame(frame, FORMS["perception"], DESIGN)
    assert plain.margins is None
    assert "calibrat" not in Taylor().sentence("en")
    found = rake(frame, DESIGN, KNOWN)
    carried = Moments.from_frame(found.data(), FORMS["perception"], found.design)
    bare = Moments.from_frame(found.data(), FORMS["perception"], found.design.without_margins())
    assert np.allclose(carried.first, bare.first, rtol=1e-12)
    assert carried.map.same_as(bare.map)


# --- what is refused ----------------------------------------------------------------------------------------


FRAME = pd.DataFrame(
    {"tier": ["core", "core", "other", "new", None], "sex": ["f", "m", "f", "m", "f"], "w": [1.0, 2, 1, 1, 1]}
)


def test_all_categories_that_do_not_fit_are_named():
    with pytest.raises(DataError, match="don't fit") as caught:
        rake(FRAME, None, {"tier": {"core": 50, "other": 30, "closed": 20}, "sex": {"f": 40, "x": 0, "m": 60}})
    cases = caught.value.cases.set_index("problem")
    assert cases.loc["has no target", "category"] == "new"
    assert cases.loc["has no respondents", "category"] == "closed"
    assert cases.loc["rows without a category", "n"] == 1
    assert len(cases) == 3  # a category with a target of 0 and nobody in it is nothing to complain of
    assert "Merge" in str(caught.value)
    with pytest.raises(DataError, match="target of 0"):
        rake(FRAME[:3], None, {"tier": {"core": 50, "other": 0}})


@pytest.mark.parametrize(
    ("totals", "options", "words"),
    [
        ({"tier": {"core": 60, "other": 40}, "sex": {"f": 60, "m": 60}}, {}, "'tier' adds up to 100, 'sex' to 120"),
        ({"tier": {"core": 60, "other": 40}}, {"population": 90}, "'population' adds up to 90, 'tier' to 100"),
        ({"tier": {"core": 0.6, "other": 0.41}, "sex": {"f": 0.5, "m": 0.5}}, {"population": 90}, "Shares must add up to 1"),
        ({}, {}, "must map columns"),
        ({"tier": 5}, {}, "must map its categories"),
        ({"tier": {"core": -1, "other": 40}}, {}, "not a number of 0 or more"),
        ({"tier": {"core": float("nan"), "other": 40}}, {}, "not a number of 0 or more"),
        ({"tier": {"core": 0, "other": 0}}, {}, "no target above 0"),
        ({"tier": {1: 3, "1": 4}}, {}, "twice"),
        ({("tier", "sex"): {"core": 3}}, {}, "tuple of 2 labels"),
        ({"tier": {"core": 60, "other": 40}}, {"population": 0}, "not a positive number"),
        ({"tier": {"core": 60, "other": 40}}, {"weight": "w"}, "have a column 'w' already"),
        ({"tier": {"core": 60, "other": 40}}, {"bounds": (2, 1)}, "low under high"),
        ({"tier": {"core": 60, "other": 40}}, {"bounds": (0.5, 2)}, "the base weights to"),
    ],
)  # fmt: skip
def test_margins_that_make_no_sense(totals, options, words):
    frame = FRAME[:3] if options.get("bounds") != (0.5, 2) else FRAME[:3].assign(base=1.0)
    design = SampleDesign(weight="base") if "base" in frame else None
    with pytest.raises(SpecError, match=words.replace("(", r"\(")):
        rake(frame, design, totals, **options)


def test_columns_and_weights_that_are_not_there():
    with pytest.raises(DataError, match=r"has no column 'tire'\. Did you mean 'tier'"):
        rake(FRAME, None, {"tire": {"core": 1}})
    for bad in (0.0, -1.0, np.nan, np.inf):
        frame = FRAME[:3].assign(w=[1.0, bad, 1.0])
        with pytest.raises(DataError, match=r"rows 1\)") as caught:
            rake(frame, SampleDesign(weight="w"), {"sex": {"f": 1, "m": 1}})
        assert caught.value.cases["row"].tolist() == [1]
    with pytest.raises(DataError, match="no rows"):
        rake(FRAME[:0], None, {"sex": {"f": 1, "m": 1}})
    with pytest.raises(DataError, match="rows without a number"):
        calibrate(FRAME.assign(x=["1", "a", "2", "3", "4"]), None, {"x": 12})


def test_margins_that_cannot_be_met_are_named():
    """Nobody is both core and f, so 60 core people and 60 women cannot both be among 100."""
    frame = pd.DataFrame({"tier": ["core", "other", "other"], "sex": ["m", "f", "m"]})
    with pytest.raises(DataError, match=r"tier = other is missed by 50% \(target 40, reached 60\)") as caught:
        rake(frame, None, {"tier": {"core": 60, "other": 40}, "sex": {"f": 60, "m": 40}})
    assert caught.value.cases["missed"].is_monotonic_decreasing
    assert caught.value.cases["missed"].iloc[0] > 0.1
    with pytest.raises(DataError, match="missed by"):
        calibrate(frame, None, {"tier": {"core": 60, "other": 40}, "sex": {"f": 60, "m": 40}}, method="raking")
    near = crossed([])
    accepted = calibrate(near, SampleDesign(weight="base"), {"a": {0: 2.3, 1: 2, 2: 1.7}}, method="logit", bounds=(0.9, 1.1),
                         tolerance=0.2)  # fmt: skip
    assert 0.01 < accepted.missed < 0.2
    assert "targets are missed by up to" in accepted.note()


def test_negative_weights_are_refused():
    frame = pd.DataFrame({"x": [1.0, 2, 3, 10]})
    with pytest.raises(DataError, match="not positive"):
        calibrate(frame, None, {"x": 4}, population=4)
    assert (calibrate(frame, None, {"x": 8}, population=4, method="raking").weights > 0).all()


def test_methods_and_bounds_that_do_not_go_together():
    with pytest.raises(SpecError, match="Choose one of"):
        calibrate(FRAME[:3], None, {"w": 5}, method="greg")
    with pytest.raises(SpecError, match="needs bounds"):
        calibrate(FRAME[:3], None, {"w": 5}, method="logit")
    with pytest.raises(SpecError, match="between 0 and 1"):
        calibrate(FRAME[:3], None, {"w": 5}, method="logit", bounds=(1.2, 3))
    with pytest.raises(SpecError, match="weight_bounds go with"):
        calibrate(FRAME[:3], None, {"w": 5}, method="logit", bounds=(0.2, 3), weight_bounds=(0, 1))
    with pytest.raises(SpecError, match="Cross their columns"):
        poststratify(FRAME[:3], None, {"tier": {"core": 1, "other": 1}, "sex": {"f": 1, "m": 1}})


def test_weights_are_calibrated_once_and_trimmed_once():
    found = rake(FRAME[:3], None, {"tier": {"core": 60, "other": 40}})
    with pytest.raises(SpecError, match=r"calibrated already \(raked to tier\)"):
        rake(found.data(), found.design, {"sex": {"f": 60, "m": 40}})
    cut = trim(found, high=38)
    assert cut.design.weight == "weight_raked_trimmed"
    assert cut.design.margins.untrimmed_weight == "weight_raked"
    assert cut.frame["difference"].tolist() == pytest.approx([2, -2])
    with pytest.raises(SpecError, match="trimmed already"):
        trim(cut, high=37)
    for low, high in ((-1, 5), (5, 5), (0, 20), (50, 60)):
        with pytest.raises(SpecError):
            trim(found, low, high)


def test_margins_need_a_weight_and_known_categories():
    margins = Margins((Margin(("tier",), (("core",),), (5.0,)),))
    with pytest.raises(SpecError, match="names no weight"):
        SampleDesign(margins=margins)
    with pytest.raises(DataError, match="no category of the margin 'tier'"):
        estimate(FRAME, Mean("w"), SampleDesign(weight="w", margins=margins))


# --- how it shows itself ------------------------------------------------------------------------------------


def test_table_note_and_design_in_both_languages():
    frame = small()
    found = rake(frame, SMALL["direct"], {"sex": {"f": 0.5, "m": 0.5}, "visit": {"first": 0.3, "repeat": 0.7}})
    assert found.shares
    assert found.weights.sum() == pytest.approx(frame["weight"].sum(), rel=1e-12)
    assert "sum of 1,885.65 was kept" in found.note()
    assert "保持不变" in found.in_language("zh").note()
    table = found.to_frame()
    assert list(table) == ["margin", "category", "target", "before", "after", "difference", "n"]
    assert table["n"].tolist() == frame["sex"].value_counts().loc[["f", "m"]].tolist() + frame["visit"].value_counts().loc[["first", "repeat"]].tolist()  # fmt: skip
    assert table["before"].to_numpy()[:2] == pytest.approx(frame.groupby("sex")["weight"].sum().loc[["f", "m"]])
    assert found.design.base_weight == "weight"
    assert found.design.weight == "weight_raked"
    assert found.design.sentence() == (
        "Respondents were chosen in a way that is not stated; strata: stratum; weight: weight_raked, raked to sex and visit."
    )
    assert "权数：weight_raked，经迭代比例调整（raking）校准至 sex、visit" in found.design.sentence("zh")
    assert found.in_language("zh").title() == "权数校准：调整前后"
    assert "all targets are met" in found.note()
    assert "所有目标均已达到" in found.in_language("zh").note()
    assert poststratify(frame, None, {"sex": SEX}).design.sentence().endswith("post-stratified by sex.")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_picture_shows_before_and_after(language):
    from survey_design.plots.sheet import new_axes

    found = trim(rake(small(), SMALL["direct"], {"sex": SEX, "visit": VISIT}, language=language), high=65)
    ax = found.plot(new_axes())
    table, marks = found.to_frame(), {part.get_label(): part for part in ax.collections}
    for name in ("before", "after"):
        assert marks[name].get_offsets()[:, 0].data == pytest.approx((table[name] / table["target"] - 1).to_numpy())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == (["sex: f", "sex: m", "visit: first", "visit: repeat"] if language == "en" else ["sex：f", "sex：m", "visit：first", "visit：repeat"])  # fmt: skip
    assert ax.get_xlabel() == {"en": "distance from the target, as a share of it", "zh": "与目标的相对偏差"}[language]


def test_labels_are_shown_and_the_codes_kept():
    from survey_design.plots.sheet import new_axes
    from survey_design.results import Variable

    sex = Variable({"en": "sex", "zh": "性别"}, {"f": {"en": "women", "zh": "女"}, "m": {"en": "men", "zh": "男"}})
    named = {"sex": sex, "visit": {"en": "kind of visit", "zh": "到店类型"}}
    plain = rake(small(), SMALL["direct"], {"sex": SEX, "visit": VISIT})
    zh = plain.with_labels(named).in_language("zh")
    assert zh.shown()[["边际", "类别"]].to_numpy().tolist() == [
        ["性别", "女"],
        ["性别", "男"],
        ["到店类型", "first"],
        ["到店类型", "repeat"],
    ]
    assert "校准至性别、到店类型；" in zh.sentence()
    assert "校准至 sex、visit；" in plain.in_language("zh").sentence()
    assert "raked to sex and kind of visit" in plain.with_labels(named).sentence()
    assert next(label.get_text() for label in zh.plot(new_axes()).get_yticklabels()) == "性别：女"
    pd.testing.assert_frame_equal(zh.to_frame(), plain.to_frame())
    crossed = poststratify(small(), None, {("sex", "visit"): {("f", "first"): 1, ("f", "repeat"): 2, ("m", "first"): 3, ("m", "repeat"): 4}})  # fmt: skip
    assert crossed.with_labels(named).in_language("zh").shown().iloc[0, :2].tolist() == [
        "性别 × 到店类型",
        "女 × first",
    ]


def test_numeric_and_overall_margins_are_shown_with_labels():
    found = calibrate(small().assign(spent=np.arange(len(small())) + 1.0), None, {"sex": {"f": 40, "m": 60}, "spent": 2100.0}, method="raking")  # fmt: skip
    shown = found.with_labels({"spent": {"en": "money spent", "zh": "消费金额"}}).in_language("zh").shown()
    assert shown["边际"].tolist() == ["sex", "sex", "消费金额"]
    assert shown["类别"].tolist() == ["f", "m", ""]


def test_benchmark_rakes_to_the_same_margins():
    from benchmarks.raking import missed, ours, ours_categories, study

    frame, totals = study(3000)
    weights = ours(frame, totals)()
    assert missed(frame, totals, weights) < 1e-10
    assert ours_categories(frame, totals)() == pytest.approx(weights, rel=1e-12)
