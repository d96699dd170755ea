"""May groups be compared? R's lavaan, a reference in print, and groups whose truth is known."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from servqual.cfa.confirm import NotConverged
from servqual.correlations import ItemMatrix
from servqual.instruments import Dimension, Form, Instrument, Item
from servqual.invariance import Invariance, equality_tests, invariance
from servqual.invariance.ladder import LikelihoodLadder
from servqual.moments import one_blas_thread
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError
from survey_design.questionnaire import Scale
from survey_design.sampling import SampleDesign

Array = NDArray[Any]
Model = dict[str, list[str]]
LAVAAN = tomllib.loads((Path(__file__).parent / "reference" / "cfa.toml").read_text(encoding="utf-8"))["groups"]
MODEL: Model = {"care": ["c1", "c2", "c3"], "speed": ["s1", "s2", "s3"]}
HS: Model = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with one_blas_thread():
        yield


def matrices(frame: pd.DataFrame, by: str, groups: list[Any], items: list[str]) -> dict[str, ItemMatrix]:
    parts = {str(group): frame.loc[frame[by].astype(str) == str(group), items] for group in groups}
    return {name: ItemMatrix.from_matrix(part.cov(), len(part), mean=part.mean()) for name, part in parts.items()}


def simulated(
    n: int = 400, groups: int = 2, seed: int = 1, *, loadings: Any = None, intercepts: Any = None, means: Any = None
) -> pd.DataFrame:
    """Answers of groups; the last differs in what is given."""
    rng, frames = np.random.default_rng(seed), []
    for group in range(groups):
        last = group == groups - 1
        load = np.array(loadings if last and loadings is not None else [0.9, 0.8, 0.7, 0.9, 0.8, 0.7])
        mean = np.array(means if last and means is not None else [0.0, 0.0])
        factors = rng.multivariate_normal(mean, [[1, 0.4], [0.4, 1]], n)
        latent = np.repeat(factors, 3, axis=1) * load + 0.6 * rng.normal(size=(n, 6))
        latent = latent + np.array(intercepts if last and intercepts is not None else np.zeros(6))
        frames.append(
            pd.DataFrame(latent, columns=[i for own in MODEL.values() for i in own]).assign(group=f"g{group}")
        )
    return pd.concat(frames, ignore_index=True)


def found_in(frame: pd.DataFrame, **asked: Any) -> Invariance:
    items = [i for own in MODEL.values() for i in own]
    return invariance(
        matrices(frame, "group", sorted(frame["group"].unique()), items), by="group", model=MODEL, **asked
    )


@pytest.mark.parametrize("name", ["hs_school", "bfi_gender"])
def test_the_ladder_agrees_with_lavaan(shared: Any, name: str) -> None:
    oracle = shared.oracle(f"invariance_{name}.json")
    results = oracle["results"]
    model = {
        line.split("=~")[0].strip(): [i.strip() for i in line.split("=~")[1].split("+")]
        for line in oracle["model"].splitlines()
    }
    items = [item for own in model.values() for item in own]
    frame = shared.frame("bfi.csv" if name == "bfi_gender" else "holzinger_swineford_1939.csv").dropna(subset=items)
    found = invariance(matrices(frame, results["group"], results["groups"], items), by=results["group"], model=model)
    assert list(found.sizes) == results["n"]
    lines = found.to_frame().set_index("step")
    names = {"parameters": "npar", "chi2": "chisq", "df": "df", "cfi": "cfi", "rmsea": "rmsea", "rmsea_low": "rmsea.ci.lower",
             "rmsea_high": "rmsea.ci.upper", "srmr": "srmr"}  # fmt: skip
    for step, fit in results["fit"].items():
        for mine, theirs in names.items():
            assert lines.loc[step, mine] == pytest.approx(fit[theirs], abs=1e-4), (step, mine)
    for line in results["comparisons"]:
        own = lines.loc[line["step"].split(" -> ")[1]]
        assert own["delta_chi2"] == pytest.approx(line["delta_chisq"], abs=1e-3)
        assert own["delta_df"] == line["delta_df"]
        assert own["delta_p"] == pytest.approx(line["p"], abs=1e-5)
        assert own["delta_cfi"] == pytest.approx(line["delta_cfi"], abs=1e-5)


def schools(shared: Any, **asked: Any) -> Invariance:
    frame = shared.frame("holzinger_swineford_1939.csv")
    items = [item for own in HS.values() for item in own]
    return invariance(matrices(frame, "school", ["Pasteur", "Grant-White"], items), by="school", model=HS, **asked)


def test_reference_b_and_its_verdict(shared: Any) -> None:
    found = schools(shared)
    lines = found.to_frame().set_index("step")
    assert lines["chi2"].round(3).tolist() == [115.851, 124.044, 164.103, 181.511]
    assert lines["df"].tolist() == [48, 54, 60, 69]
    assert lines["holds"].tolist() == ["yes", "yes", "no", ""]
    assert found.reached == "metric"
    assert not found.comparable
    assert "but not their means" in found.sentence()
    assert "均值不可比" in found.in_language("zh").sentence()
    with pytest.raises(SpecError, match="Factor means can't be compared"):
        found.means()


def test_score_tests_and_partial_invariance_agree_with_lavaan(shared: Any) -> None:
    scalar = schools(shared).solutions["scalar"]
    gains = equality_tests(
        scalar, [("loading", 1, 0), ("loading", 2, 0), ("intercept", 2, 2), ("intercept", 6, 6), ("intercept", 0, 0)]
    )
    np.testing.assert_allclose(gains, LAVAAN["equality"], rtol=1e-4)  # lavTestScore
    partly = schools(shared, partial=True)
    assert partly.freed == ("x3 ~ 1", "x7 ~ 1")
    line = partly.to_frame().set_index("step").loc["scalar"]
    assert (line["chi2"], line["df"]) == (
        pytest.approx(LAVAAN["partial_chi2_df"][0], abs=1e-5),
        58,
    )  # lavaan, group.partial
    assert line["holds"] == "partial"
    assert not partly.comparable
    means = partly.means().to_frame()
    np.testing.assert_allclose(means["difference"], LAVAAN["partial_means"], atol=1e-5)
    np.testing.assert_allclose(means["se"], LAVAAN["partial_means_se"], atol=1e-5)


def test_groups_with_one_ruler_pass_and_their_means_are_found() -> None:
    found = found_in(simulated(n=1500, groups=5, means=[0.5, -0.3]))
    assert found.reached == "strict"
    assert found.comparable
    last = found.means().to_frame().query("group == 'g4'").set_index("factor")
    assert last.loc["care", "standardised"] == pytest.approx(0.5, abs=0.12)
    assert last.loc["speed", "standardised"] == pytest.approx(-0.3, abs=0.12)


def test_another_loading_and_another_intercept_are_seen() -> None:
    loading = found_in(simulated(n=1500, loadings=[0.9, 0.8, 0.15, 0.9, 0.8, 0.7]))
    assert loading.reached == "configural"
    intercept = found_in(simulated(n=1500, intercepts=[0, 0, 0.8, 0, 0, 0]), partial=True)
    assert intercept.freed == ("c3 ~ 1",)


def test_partial_invariance_stops_where_too_few_items_are_equal() -> None:
    """Two of three intercepts of a factor differ: which are the wrong ones can't be known, and freeing stops."""
    found = found_in(simulated(n=1500, intercepts=[0, 0.9, -0.9, 0, 0, 0]), partial=True)
    assert found.reached == "metric"
    assert found.freed == ()


def test_the_order_of_groups_changes_nothing_but_the_reference() -> None:
    frame = simulated(n=300, means=[0.4, 0.0])
    items = [i for own in MODEL.values() for i in own]
    one, other = (
        invariance(matrices(frame, "group", order, items), by="group", model=MODEL)
        for order in (["g0", "g1"], ["g1", "g0"])
    )
    np.testing.assert_allclose(one.to_frame()["chi2"], other.to_frame()["chi2"], atol=1e-5)
    np.testing.assert_allclose(one.means().to_frame()["difference"], -other.means().to_frame()["difference"], atol=1e-5)


def answers(frame: pd.DataFrame) -> Responses:
    words = {name: {"en": name, "zh": f"{name}项"} for name in (*MODEL, *(i for own in MODEL.values() for i in own))}
    items = tuple(Item(i, name, words[i], words[i]) for name, own in MODEL.items() for i in own)
    dimensions = tuple(Dimension(name, words[name]) for name in MODEL)
    instrument = Instrument(
        "made", "1", {"en": "made"}, "", Scale(1, 7), (Form("perception", "{id}"),), dimensions, items
    )
    whole = frame.assign(
        **{i: np.clip(np.round(4 + 1.3 * frame[i]), 1, 7).astype(int) for own in MODEL.values() for i in own}
    )
    return Responses(whole, instrument)


def test_answers_are_split_by_a_column_and_said_in_both_languages() -> None:
    found = invariance(answers(simulated()), by="group")
    assert found.sizes == (400, 400)
    assert found.to_frame()["step"].tolist() == ["configural", "metric", "scalar", "strict"]
    chinese = found.in_language("zh")
    assert "测量不变性" in chinese.title()
    assert "Cheung" in chinese.note()
    assert "perceptions" in found.title().lower()
    assert "g0 400, g1 400" in found.note()
    assert found.means().in_language("zh").to_string() != found.means().to_string()


def test_small_groups_are_not_tested_this_way() -> None:
    frame = simulated(n=22, groups=12)
    with pytest.raises(DataError, match=r"12 of 12 groups have fewer than 100.*intraclass") as caught:
        found_in(frame)
    assert caught.value.cases["n"].tolist() == [22] * 12


def test_one_small_group_and_too_many_groups_are_told_apart() -> None:
    frame = simulated(n=150, groups=4)
    with pytest.raises(DataError, match="1 of 4 groups has fewer than 100"):
        found_in(frame.iloc[:-80])
    with pytest.raises(DataError, match=r"4 groups, more than 3.*group_reliability.*most_groups=4 tests") as caught:
        found_in(frame, most_groups=3)
    assert caught.value.cases["n"].tolist() == [150] * 4
    assert len(found_in(frame, most_groups=4).groups) == 4


def test_the_rmsea_of_a_difference_is_in_the_frame() -> None:
    lines = found_in(simulated(n=500, intercepts=[0, 0, 0.8, 0, 0, 0])).to_frame().set_index("step").loc["scalar"]
    by_hand = np.sqrt(max(lines["delta_chi2"] - lines["delta_df"], 0) * 2 / (1000 * lines["delta_df"]))
    assert lines["rmsea_d"] == pytest.approx(by_hand, rel=1e-12)
    assert lines["holds"] == "no"


def test_a_structure_that_fits_badly_by_rmsea_is_said_though_its_cfi_is_fair(shared: Any) -> None:
    """lavaan's RMSEA of women and men in the bfi data, two factors: CFI .90 or more, RMSEA surely above .08."""
    model = {letter: [f"{letter}{k}" for k in range(1, 6)] for letter in "NE"}
    items = [item for own in model.values() for item in own]
    frame = shared.frame("bfi.csv").dropna(subset=items)
    found = invariance(matrices(frame, "gender", [1, 2], items), by="gender", model=model, least_cfi=0.85)
    assert found.to_frame()["rmsea_low"].iat[0] > 0.08
    assert f"an RMSEA of {found.to_frame()['rmsea'].iat[0]:.3f}, above 0.08" in found.note()
    assert "高于 0.08" in found.in_language("zh").note()
    assert "above 0.08" not in found_in(simulated()).note()


def test_freeing_that_leads_nowhere_leaves_the_step_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = LikelihoodLadder.fit

    def stubborn(self: LikelihoodLadder, step: str, freed: Any) -> Any:
        if freed:
            raise NotConverged("no best fit")
        return fitted(self, step, freed)

    monkeypatch.setattr(LikelihoodLadder, "fit", stubborn)
    found = found_in(simulated(loadings=[0.9, 0.1, 0.7, 0.9, 0.8, 0.7]), partial=True)
    assert (found.reached, found.freed) == ("configural", ())
    assert found.to_frame()["holds"].tolist()[:2] == ["yes", "no"]


def test_an_item_that_one_group_always_answers_alike_is_named_with_the_group() -> None:
    frame = simulated()
    frame[frame.columns[:6]] = frame.iloc[:, :6].round().clip(-3, 3) + 0
    frame.loc[frame["group"] == "g1", "c2"] = 1
    whole = Instrument(
        "made", "1", {"en": "made"}, "", Scale(-3, 3), (Form("perception", "{id}"),),
        tuple(Dimension(name, {"en": name}) for name in MODEL),
        tuple(Item(item, name, {"en": item}, {"en": item}) for name, own in MODEL.items() for item in own),
    )  # fmt: skip
    with pytest.raises(DataError, match="no variance: c2 in g1: 400 respondents who answered all items"):
        invariance(Responses(frame, whole), by="group")


def test_weights_are_said() -> None:
    frame = answers(simulated()).frame.assign(weight=np.tile([1.0, 3.0], 400))
    weighted = Responses(frame, answers(simulated()).instrument, SampleDesign(weight="weight"))
    note = invariance(weighted, by="group").note()
    assert "Weights entered means and covariances, not the tests" in note


def test_bad_requests_are_told() -> None:
    with pytest.raises(SpecError, match="1 group"):
        found_in(simulated(groups=1))
    items = [i for own in MODEL.values() for i in own]
    parts = matrices(simulated(), "group", ["g0", "g1"], items)
    with pytest.raises(SpecError, match="one item"):
        invariance(parts, by="group", model={"a": items[:5], "b": items[5:]})
    with pytest.raises(SpecError, match="Choose one of"):
        invariance(answers(simulated()), by="group", of="perceptions")  # type: ignore[arg-type]
    for given in (answers(simulated()), parts):
        with pytest.raises(SpecError, match=r"by is not given\. Name the column .*form_invariance\(\)"):
            invariance(given)


def test_a_group_that_is_small_for_its_blanks_is_told_so() -> None:
    frame = simulated(n=150, groups=2)
    plain = answers(frame)
    blanks = plain.frame.astype({frame.columns[0]: float})
    blanks.loc[:65, frame.columns[0]] = np.nan
    responses = Responses(blanks, plain.instrument)
    with pytest.raises(
        DataError, match=r"g0: 84 of 150 answered every item.*left out \(model=.*least_n=84 tests"
    ) as caught:
        invariance(responses, by="group")
    assert caught.value.cases[["group", "n"]].to_numpy().tolist() == [["g0", 84]]
    assert invariance(responses, by="group", least_n=84).sizes == (84, 150)


def test_what_is_no_set_of_groups_is_refused_in_words() -> None:
    one = ItemMatrix.from_matrix(np.eye(4) / 2 + 0.5, 200)
    with pytest.raises(SpecError, match="one ItemMatrix has no groups"):
        invariance(one, by="tier")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"not 'answers\.csv'\. Read a file"):
        invariance("answers.csv", by="tier")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="group 'b' holds no ItemMatrix but: int"):
        invariance({"a": one, "b": 3}, by="tier")  # type: ignore[dict-item]


def test_the_split_and_its_groups_are_called_by_their_labels() -> None:
    from survey_design.results import Variable

    labels = {"group": Variable({"en": "area type", "zh": "区域类型"}, {"g0": {"en": "city", "zh": "城区"}})}
    plain = answers(simulated(n=200, groups=2))
    found = invariance(Responses(plain.frame, plain.instrument, variables=labels), by="group")
    assert found.title().startswith("Is the ruler the same by area type?")
    assert found.sentence().startswith("By area type, ")
    assert "city 200, g1 200" in found.note()
    assert "by area type was tested" in found.comparability()
    assert found.in_language("zh").sentence().startswith("各组（区域类型）：")
    assert "（区域类型）" in found.comparability("zh")
