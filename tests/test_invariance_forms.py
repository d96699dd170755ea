"""Do expectations and perceptions share a ruler? Exact populations, counting, scipy, the sample study and kiosk users."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from servqual.cfa import Sample, confirm_factors, fit_ml, plan_model, start_values
from servqual.cfa.indices import fit_indices
from servqual.comparison import compare
from servqual.correlations import ItemMatrix, item_matrix
from servqual.gaps import score_gaps
from servqual.instruments import Dimension, Form, Instrument, Item, load_instrument
from servqual.invariance import Invariance, form_invariance, invariance
from servqual.invariance.ladder import EQUAL
from servqual.invariance.paired import paired_table
from servqual.moments import one_blas_thread
from servqual.responses import Responses, read_responses
from servqual.study import load_study
from survey_design.errors import DataError, SpecError
from survey_design.questionnaire import Scale
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Model = dict[str, list[str]]
MODEL: Model = {"care": ["c1", "c2", "c3"], "speed": ["s1", "s2", "s3"]}
ITEMS = [item for own in MODEL.values() for item in own]
LOADINGS = np.array([0.9, 0.8, 0.7, 0.9, 0.8, 0.7])
LAVAAN = tomllib.loads((Path(__file__).parent / "reference" / "invariance.toml").read_text(encoding="utf-8"))["paired"]
KIOSK = Path(__file__).parent / "studies" / "kiosk-24.toml"
SAMPLE = Path(__file__).parents[1] / "data" / "sample"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with one_blas_thread():
        yield


def words(name: str) -> dict[str, str]:
    return {"en": name, "zh": f"{name}项"}


def instrument_of(forms: str = "EP", items: list[str] | None = None) -> Instrument:
    made = tuple(
        Item(i, name, words(i), words(i)) for name, own in MODEL.items() for i in own if items is None or i in items
    )
    names = {"E": "expectation", "P": "perception"}
    asked = tuple(Form(names[form], form + "_{id}") for form in forms)
    return Instrument(
        "made", "1", {"en": "made"}, "", Scale(1, 7), asked, tuple(Dimension(d, words(d)) for d in MODEL), made
    )


def both_forms(
    n: int = 600, seed: int = 1, *, loadings: Any = LOADINGS, levels: Any = 0.0, gap: float = -0.6
) -> pd.DataFrame:
    """Answers of the same people to both forms; the perceptions' loadings and levels are given, factor means lie ``gap`` lower."""
    rng = np.random.default_rng(seed)
    covariance = 0.6 * (0.4 + 0.6 * np.eye(4))
    factors = rng.multivariate_normal([0, 0, gap, gap], covariance, n)
    own = rng.normal(size=(n, 6))
    out = {}
    for form, letter in enumerate("EP"):
        load = np.asarray(loadings) if form else LOADINGS
        latent = (
            np.repeat(factors[:, 2 * form : 2 * form + 2], 3, axis=1) * load + 0.3 * own + 0.5 * rng.normal(size=(n, 6))
        )
        values = np.clip(np.round(4.6 + 1.2 * (latent + np.asarray(levels) * form)), 1, 7).astype(int)
        out.update({f"{letter}_{item}": values[:, j] for j, item in enumerate(ITEMS)})
    return pd.DataFrame(out)


def found_in(frame: pd.DataFrame, **asked: Any) -> Invariance:
    return form_invariance(Responses(frame, instrument_of()), **asked)


def two_files(frame: pd.DataFrame) -> Responses:
    half = len(frame) // 2
    perception = Responses(frame.iloc[:half].filter(like="P_"), instrument_of("P"))
    return perception.joined_with(Responses(frame.iloc[half:].filter(like="E_"), instrument_of("E")))


# --- the same people ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(4,), (3, 3), (4, 5, 4, 4, 5)])
def test_degrees_of_freedom_are_counted(sizes: tuple[int, ...]) -> None:
    p, k = sum(sizes), len(sizes)
    items, starts = [f"x{i}" for i in range(p)], np.cumsum((0, *sizes))
    base = plan_model({f"f{j}": items[starts[j] : starts[j + 1]] for j in range(k)}, items)
    given = 2 * p * (2 * p + 1) // 2 + 2 * p
    df = [given - paired_table(base, equal).n_free for equal in EQUAL.values()]
    loadings, factors, residuals, covariances, intercepts = 2 * (p - k), k * (2 * k + 1), 2 * p, p, 2 * p
    assert df[0] == given - loadings - factors - residuals - covariances - intercepts
    assert df[0] == p * (2 * p + 3) - 7 * p + 2 * k - k * (2 * k + 1)
    assert np.diff(df).tolist() == [p - k, p - k, p]


def population(step: str) -> tuple[Array, Array, dict[str, Array]]:
    """Exact covariance and means of both forms that are equal up to a step."""
    at, truth = list(EQUAL).index(step), {}
    loadings = np.zeros((12, 4))
    own = np.array([1, 0.8, 0.7, 1, 1.1, 0.9])
    for form in range(2):
        moved = own + np.array([0, 0.2, -0.1, 0, 0.15, 0.1]) * (form and at < 1)
        loadings[6 * form + np.arange(6), 2 * form + np.repeat([0, 1], 3)] = moved
    truth["factors"] = np.array([[1, 0.4, 0.5, 0.2], [0.4, 0.9, 0.1, 0.4], [0.5, 0.1, 1.3, 0.6], [0.2, 0.4, 0.6, 1.1]])
    truth["means"] = np.array([0, 0, -0.6, -0.3]) * (at >= 2)
    residual = np.tile(np.linspace(0.3, 0.8, 6), 2) + np.repeat([0, 0.2], 6) * (at < 3)
    theta = np.diag(residual)
    i = np.arange(6)
    theta[i, 6 + i] = theta[6 + i, i] = 0.1
    level = np.tile(np.linspace(4, 5, 6), 2) + np.repeat([0, 1], 6) * np.arange(12) * 0.1 * (at < 2)
    truth["loadings"] = loadings
    return loadings @ truth["factors"] @ loadings.T + theta, level + loadings @ truth["means"], truth


@pytest.mark.parametrize("true", EQUAL)
def test_an_exact_population_fits_up_to_its_step_and_gives_its_parameters_back(true: str) -> None:
    covariance, mean, truth = population(true)
    base, sample = plan_model(MODEL, ITEMS), Sample(covariance, 500, mean)
    for step, equal in EQUAL.items():
        table = paired_table(base, equal)
        found = fit_ml(table, [sample], start_values(table, [sample]))
        if list(EQUAL).index(step) > list(EQUAL).index(true):
            assert found.chi2 > 1, step
            continue
        assert found.chi2 < 1e-7, step
        matrices = found.matrices[0]
        np.testing.assert_allclose(matrices.loadings, truth["loadings"], atol=1e-5)
        np.testing.assert_allclose(matrices.factors, truth["factors"], atol=1e-5)
        if step in ("scalar", "strict"):
            np.testing.assert_allclose(matrices.means, truth["means"], atol=1e-5)


def test_scipy_finds_the_same_minimum() -> None:
    """One dimension of three items, intercepts and loadings equal across the forms, likelihood written out."""
    frame = both_forms(300, seed=3, levels=[0, 0.2, 0, 0, 0, 0])
    columns = [f"{letter}_{item}" for letter in "EP" for item in MODEL["care"]]
    found = form_invariance(
        Responses(frame, instrument_of()), model={"care": MODEL["care"]}, worst_cfi=1, worst_rmsea=1
    )
    data = frame[columns].to_numpy(float)
    s, m, n = np.cov(data.T, bias=True), data.mean(axis=0), len(data)

    def deviance(x: Array) -> float:
        load = np.append(1.0, x[:2])
        l2 = np.zeros((6, 2))
        l2[:3, 0] = l2[3:, 1] = load
        root = np.array([[x[2], 0], [x[3], x[4]]])
        theta = np.diag(np.exp(x[5:11]))
        for k in range(3):
            theta[k, 3 + k] = theta[3 + k, k] = x[11 + k]
        sigma = l2 @ root @ root.T @ l2.T + theta
        sign, log_det = np.linalg.slogdet(sigma)
        if sign <= 0 or np.linalg.eigvalsh(sigma)[0] <= 0:
            return 1e6
        off = m - np.tile(x[14:17], 2) - l2 @ np.array([0, x[17]])
        inverse = np.linalg.inv(sigma)
        return float(log_det - np.linalg.slogdet(s)[1] + np.trace(s @ inverse) - 6 + off @ inverse @ off)

    start = np.concatenate([[1, 1, 0.8, 0.3, 0.8], np.full(6, -0.5), np.zeros(3), m[:3], [0]])
    best = minimize(deviance, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 3000})
    line = found.to_frame().set_index("step").loc["scalar"]
    assert line["chi2"] == pytest.approx(n * best.fun, abs=1e-5)
    assert line["df"] == 27 - 18
    gap = found.means().to_frame()
    assert gap.loc[0, "difference"] == pytest.approx(best.x[17], abs=1e-4)


def test_the_first_step_is_the_confirmatory_model_of_both_forms() -> None:
    """Means are free there, so that chi-square is that of confirm_factors, which agrees with lavaan."""
    frame = both_forms(400, seed=5)
    names = [f"{letter}_{item}" for letter in "EP" for item in ITEMS]
    model = {f"{letter}{factor}": [f"{letter}_{i}" for i in own] for letter in "EP" for factor, own in MODEL.items()}
    matrix = ItemMatrix.from_matrix(frame[names].cov(), len(frame), names)
    pairs = [(f"E_{item}", f"P_{item}") for item in ITEMS]
    one = confirm_factors(matrix, model=model, residual_covariances=pairs).indices
    line = found_in(frame).to_frame().loc[0]
    assert line[["chi2", "df", "cfi", "rmsea"]].tolist() == pytest.approx(
        [one.chi2, one.df, one.cfi, one.rmsea], abs=1e-6
    )


def test_one_ruler_passes_and_the_latent_gap_is_found() -> None:
    found = found_in(both_forms(1500))
    assert (found.reached, found.comparable, found.forms) == ("strict", True, "paired")
    gaps = found.means().to_frame()
    assert gaps["factor"].tolist() == ["care", "speed"]
    assert set(gaps["group"]) == {"perception"}
    truth = -0.6 * 1.2 * 0.9  # in units of the first item
    assert (gaps["low"] < truth).all()
    assert (gaps["high"] > truth).all()
    assert "Factor means against expectations" in found.means().to_string()
    chinese = found.means().in_language("zh").to_string()
    assert "感知" in chinese
    assert "care项" in chinese


def test_another_loading_and_another_level_of_an_item_are_seen() -> None:
    loading = found_in(both_forms(1500, loadings=[0.9, 0.8, 0.2, 0.9, 0.8, 0.7]))
    assert loading.reached == "configural"
    assert "mixes the difference with a change of the ruler: items weigh differently" in loading.sentence()
    level = found_in(both_forms(1500, levels=[0, 0, 0.6, 0, 0, 0]))
    assert level.reached == "metric"
    assert not level.comparable
    assert "items start from different levels in the two forms" in level.sentence()
    assert "两份问卷中的截距不同" in level.in_language("zh").sentence()
    with pytest.raises(SpecError, match=r"Factor means can't be compared: a gap"):
        level.means()
    partly = found_in(both_forms(1500, levels=[0, 0, 0.6, 0, 0, 0]), partial=True)
    assert partly.freed == ("c3 ~ 1",)
    assert "c3 ~ 1 differs between the forms" in partly.sentence()
    assert "c3 ~ 1 两份问卷不同" in partly.in_language("zh").sentence()


def test_which_form_comes_first_turns_the_sign_and_nothing_else() -> None:
    frame = both_forms(500, seed=9)
    turned = frame.rename(columns=lambda name: {"E": "P", "P": "E"}[name[0]] + name[1:])
    one, other = found_in(frame), found_in(turned)
    np.testing.assert_allclose(one.to_frame()["chi2"], other.to_frame()["chi2"], atol=1e-5)
    np.testing.assert_allclose(one.means().to_frame()["difference"], -other.means().to_frame()["difference"], atol=1e-5)


def test_kiosk_users_expect_with_another_structure_than_they_perceive(shared: Any) -> None:
    """194 people, 20 items: n and degrees of freedom by hand; chi-square of the first step against confirm_factors."""
    instrument = load_instrument(str(KIOSK))
    responses = read_responses(shared.path("data", "kiosk_servqual.csv"), instrument)
    model = {each.id: [i.id for i in instrument.items if i.dimension == each.id] for each in instrument.dimensions}
    model = {name: own for name, own in model.items() if own}
    found = form_invariance(responses, model=model)
    items = [item for own in model.values() for item in own]
    p, k = len(items), len(model)
    lines = found.to_frame()
    assert (p, k, found.sizes) == (20, 6, (194, 194))
    assert lines["df"].tolist() == list(np.cumsum([p * (2 * p + 3) - 7 * p + 2 * k - k * (2 * k + 1), p - k, p - k, p]))
    frame = shared.frame("kiosk_servqual.csv")
    names = [f"{letter}{item}" for letter in "EP" for item in items]
    both = {f"{letter}{factor}": [f"{letter}{i}" for i in own] for letter in "EP" for factor, own in model.items()}
    one = confirm_factors(
        ItemMatrix.from_matrix(frame[names].cov(), 194, names), model=both,
        residual_covariances=[(f"E{item}", f"P{item}") for item in items],
    )  # fmt: skip
    assert lines.loc[0, "chi2"] == pytest.approx(one.indices.chi2, abs=1e-5)
    assert found.reached == "none"  # CFI .886
    assert "gaps of dimensions can't be read" in found.sentence()


def test_both_forms_of_kiosk_users_agree_with_lavaan(shared: Any) -> None:
    """Three dimensions, nine items; the model of both forms written out for lavaan, step by step."""
    model = {"tangibles": ["04", "05", "06"], "security": ["19", "20", "21"], "economy": ["10", "11", "18"]}
    responses = read_responses(shared.path("data", "kiosk_servqual.csv"), load_instrument(str(KIOSK)))
    found = form_invariance(responses, model=model)
    lines = found.to_frame().set_index("step")
    for step in EQUAL:
        chi2, df, cfi, tli, rmsea, srmr, parameters = LAVAAN[step]
        names = ["chi2", "df", "cfi", "rmsea", "parameters"]
        assert lines.loc[step, names].tolist() == pytest.approx([chi2, df, cfi, rmsea, parameters], rel=1e-6)
        assert lines.loc[step, "srmr"] == pytest.approx(srmr, rel=1e-5)  # lavaan stops a little earlier
        assert fit_indices(found.solutions[step]).tli == pytest.approx(tli, rel=1e-6)
    means = found.means().to_frame()
    assert means["difference"].tolist() == pytest.approx(LAVAAN["means"], abs=2e-6)
    assert means["se"].tolist() == pytest.approx(LAVAAN["mean_errors"], rel=1e-4)


def test_weights_and_clusters_are_said() -> None:
    frame = both_forms(300).assign(weight=1.5, store=[f"S{k % 30}" for k in range(300)])
    design = SampleDesign(weight="weight", clusters="store")
    found = form_invariance(Responses(frame, instrument_of(), design))
    plain = found_in(both_forms(300))
    assert found.to_frame()["chi2"].tolist() == pytest.approx(plain.to_frame()["chi2"].tolist(), abs=1e-6)
    assert "come in clusters" in found.note()
    uneven = frame.assign(weight=np.linspace(0.5, 2, 300))
    assert "weights entered means" in form_invariance(Responses(uneven, instrument_of(), design)).note().lower()


# --- other people ------------------------------------------------------------------------------------------


def test_two_files_are_the_two_group_model() -> None:
    responses = two_files(both_forms(1000, seed=2))
    found = form_invariance(responses)
    matrices = {form: item_matrix(responses, of=form) for form in ("expectation", "perception")}  # type: ignore[arg-type]
    groups = invariance(matrices, by="form")
    pd.testing.assert_frame_equal(found.to_frame(), groups.to_frame())
    assert found.forms == "independent"
    assert (found.means().to_frame()["difference"] < 0).all()
    assert "expectations 500, perceptions 500" in found.note()
    assert "期望 500、感知 500" in found.in_language("zh").note()


def test_two_files_of_ordered_answers_are_the_two_group_model_too() -> None:
    frame = both_forms(800, seed=4)
    responses = two_files(frame)
    stacked = pd.concat([
        frame.iloc[400:].filter(like="E_").rename(columns=lambda name: name.replace("E_", "P_")).assign(form="1 E"),
        frame.iloc[:400].filter(like="P_").assign(form="2 P"),
    ])  # fmt: skip
    asked: dict[str, Any] = {"kind": "polychoric", "collapse": True}
    groups = invariance(Responses(stacked, instrument_of("P")), by="form", **asked).to_frame()
    found = form_invariance(responses, **asked).to_frame()
    numbers = [name for name in found if name not in ("step", "holds", "reason")]
    np.testing.assert_allclose(found[numbers].astype(float), groups[numbers].astype(float), rtol=1e-6, atol=1e-8)
    assert form_invariance(responses, kind="auto").kind == "pearson"  # seven answers


def test_clusters_of_one_file_leave_the_other_as_it_is() -> None:
    """Expectations without clusters: their errors stay those of independent people."""
    frame = both_forms(800, seed=4).assign(store=[f"S{k % 40}" for k in range(800)])
    expectation = Responses(frame.iloc[400:].filter(like="E_"), instrument_of("E"))
    columns = [*frame.filter(like="P_"), "store"]

    def samples(design: SampleDesign) -> Any:
        perception = Responses(frame.iloc[:400][columns], instrument_of("P"), design)
        found = form_invariance(perception.joined_with(expectation), kind="polychoric", collapse=True)
        return found.solutions["configural"].samples, found.note()

    (e, p), note = samples(SampleDesign(clusters="store"))
    (e_plain, p_plain), plain = samples(SampleDesign())
    np.testing.assert_allclose(e.gamma, e_plain.gamma)
    assert np.abs(p.gamma / p_plain.gamma - 1).max() > 0.1
    assert "count clusters" in note
    assert "count clusters" not in plain


def test_the_sample_study_of_independent_files() -> None:
    """Its items have gaps of their own within a dimension, so that intercepts can't be equal: weights may be, levels not."""
    found = form_invariance(load_study(SAMPLE).read())
    assert found.reached == "metric"
    assert found.sizes[0] == 400
    assert found.to_frame()["df"].tolist() == [398, 415, 432, 454]
    assert "read gaps" not in found.title()
    assert "gaps read item by item" in found.sentence()
    assert "come in clusters" in found.note()
    assert "-" not in found.sentence()


# --- what is said elsewhere, and what can't be -------------------------------------------------------------


def test_the_verdict_goes_under_a_comparison_of_groups() -> None:
    frame = both_forms(600, seed=7).assign(tier=np.repeat(["core", "other"], 300))
    responses = Responses(frame, instrument_of())
    found = invariance(responses, by="tier")
    assert found.comparable
    table = compare(score_gaps(responses, by="tier"), "tier", comparability=found.comparability())
    assert "measurement invariance by tier was tested: means, spreads and correlations" in table.note()
    assert "has not been tested" not in table.note()
    assert found.comparability("zh").startswith("各组（tier）测量不变性已检验：")
    forms = form_invariance(responses)
    assert forms.comparability().startswith(
        "measurement invariance between expectations and perceptions was tested: gaps"
    )
    assert forms.comparability("zh").startswith("期望与感知的测量不变性已检验：维度均值之差")


def test_titles_and_notes_in_both_languages() -> None:
    found = found_in(both_forms(400, seed=8), kind="auto")
    assert "Both forms of the same people are compared as numbers" in found.note()
    assert found.title() == "Is the ruler the same for expectations and perceptions?"
    assert "residuals of an item may covary across the forms" in found.note()
    chinese = found.in_language("zh")
    assert chinese.title() == "期望与感知的测量不变性"
    assert "同一题项的残差在两份问卷间允许相关" in chinese.note()


def test_what_can_not_be_asked_is_told() -> None:
    frame = both_forms(300)
    with pytest.raises(SpecError, match=r"perceptions only.*needs expectations and perceptions"):
        form_invariance(Responses(frame.filter(like="P_"), instrument_of("P")))
    with pytest.raises(SpecError, match="as numbers only"):
        found_in(frame, kind="polychoric")
    with pytest.raises(SpecError, match="one of the forms lacks: x9"):
        found_in(frame, model={"care": ["c1", "c2", "x9"]})
    with pytest.raises(DataError, match=r"not testable this way: fewer than 100 complete answers \(both forms 60\)"):
        found_in(frame.iloc[:60])
    with pytest.raises(DataError, match=r"fewer than 100 complete answers \(expectation 40, perception 40\)"):
        form_invariance(two_files(frame.iloc[:80]))
    with pytest.raises(SpecError, match="one item"):
        found_in(frame, model={"care": ITEMS[:5], "speed": ITEMS[5:]})
    missing = frame.astype(float)
    missing.loc[:49, "E_c1"] = np.nan
    assert (found_in(missing).sizes[0], found_in(missing).n_dropped) == (250, 50)
