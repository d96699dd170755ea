"""May groups, or the two forms, be compared: the test is invariance's own; what is checked here is who is tested, and the words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from servqual import Responses, compare, load_instrument, score_gaps
from servqual.comparability import FORMS, comparability, form_comparability
from servqual.invariance import invariance
from survey_design.errors import DataError, SpecError
from survey_design.results import Variable

INSTRUMENT = load_instrument("servqual-22")
HOMES = [dimension.id for dimension in INSTRUMENT.dimensions]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def made(sizes: dict[str, int], shift: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Answers to both forms of groups of some sizes; in the last group one item of each dimension starts higher."""
    rng, n = np.random.default_rng(seed), sum(sizes.values())
    group = np.repeat(list(sizes), list(sizes.values()))
    columns: dict[str, Any] = {"store": group}
    first = [HOMES.index(item.dimension) for item in INSTRUMENT.items]
    marked = np.array([k == 0 or first[k] != first[k - 1] for k in range(22)])
    for form, level in (("expectation", 5.2), ("perception", 4.6)):
        factors = rng.multivariate_normal(np.zeros(5), 0.4 + 0.6 * np.eye(5), n)
        latent = level + 0.9 * factors[:, first] + 0.7 * rng.normal(size=(n, 22))
        latent += shift * np.outer(group == list(sizes)[-1], marked)
        columns |= dict(
            zip(INSTRUMENT.columns(form).values(), np.clip(np.round(latent), 1, 7).T.astype(int), strict=True)
        )
    return pd.DataFrame(columns)


def said(frame: pd.DataFrame, language: str = "en", **options: Any) -> Any:
    names = Variable({"en": "shop", "zh": "店铺"}, {"a": {"en": "Alpha", "zh": "甲店"}})
    return Responses(frame, INSTRUMENT, variables={"store": names}).in_language(language), options  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_groups_that_are_large_enough_are_tested_as_if_the_others_were_not_there(language: str) -> None:
    frame = made({"a": 200, "b": 190, "c": 12})
    responses, _ = said(frame, language)
    found = comparability(responses, "store")
    alone, _ = said(frame[frame["store"] != "c"].reset_index(drop=True), language)
    ladder = invariance(alone, by="store")
    assert found.invariance is not None
    assert found.invariance.frame["chi2"].tolist() == pytest.approx(ladder.frame["chi2"].tolist(), rel=1e-9)
    assert found.untested == ("c",)
    assert found.sizes == {("Alpha" if language == "en" else "甲店"): 200, "b": 190, "c": 12}
    assert not found.comparable, "one group is not tested"
    assert bool(CHINESE.search(found.sentence())) == (language == "zh")
    assert ("1 of 3 groups" if language == "en" else "3 组中有 1 组") in found.sentence()


def test_a_ruler_that_differs_is_found_and_one_that_does_not_is_passed() -> None:
    same = comparability(said(made({"a": 300, "b": 300}))[0], "store")
    other = comparability(said(made({"a": 300, "b": 300}, shift=1.0))[0], "store")
    assert same.comparable
    assert not other.comparable
    assert other.invariance is not None
    assert other.invariance.reached == "metric"
    assert "not their means" in other.sentence()


@pytest.mark.parametrize(
    ("sizes", "reason", "en", "zh"),
    [
        ({"a": 40, "b": 30}, "few", "2 of 2 have fewer than 100", "2 组中有 2 组"),
        ({"a": 200, "b": 30}, "one group", "only one of 2 groups has 100", "仅有一组"),
    ],
)
def test_what_is_too_small_is_said(sizes: dict[str, int], reason: str, en: str, zh: str) -> None:
    for language, words in (("en", en), ("zh", zh)):
        found = comparability(said(made(sizes), language)[0], "store")
        assert (found.invariance, found.reason, found.comparable) == (None, reason, False)
        assert words in found.sentence()


def test_too_many_groups_are_said() -> None:
    frame = made({f"s{k}": 10 for k in range(30)})
    found = comparability(said(frame)[0], "store", least_n=5)
    assert found.reason == "many"
    assert "30 groups are too many" in found.sentence()


def test_a_group_in_which_an_item_does_not_vary_stops_nothing() -> None:
    frame = made({"a": 150, "b": 150})
    frame.loc[frame["store"] == "b", "P_TAN1"] = 5
    found = comparability(said(frame)[0], "store")
    assert found.reason == "no model"
    assert "can't be fitted in every group" in found.sentence()


def test_people_whose_group_is_not_stated_are_no_group() -> None:
    frame = made({"a": 150, "b": 150, "?": 120})
    frame["store"] = frame["store"].where(frame["store"] != "?", None)
    found = comparability(said(frame)[0], "store")
    assert list(found.sizes.values()) == [150, 150]
    assert found.untested == ()


def test_groups_that_would_be_called_the_same_keep_their_codes() -> None:
    frame = made({"a": 150, "b": 150})
    same = Variable({"en": "shop"}, {"a": {"en": "Shop"}, "b": {"en": "Shop"}})
    found = comparability(Responses(frame, INSTRUMENT, variables={"store": same}), "store")
    assert list(found.sizes) == ["a", "b"]


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match="tier"):
        comparability(said(made({"a": 20}))[0], "tier")


def test_the_sentence_is_printed_by_a_comparison() -> None:
    responses, _ = said(made({"a": 150, "b": 150}))
    found = comparability(responses, "store")
    note = compare(score_gaps(responses, by="store"), "store", comparability=found).note()
    assert str(found) in note
    assert "has not been tested" not in note


def test_forms_of_the_same_people() -> None:
    responses, _ = said(made({"a": 200, "b": 150}))
    found = form_comparability(responses)
    assert found.of_forms
    assert found.by.name == FORMS
    assert found.sizes == {"expectations": 350, "perceptions": 350}
    assert found.comparable
    few = form_comparability(said(made({"a": 60}), "zh")[0])
    assert few.reason == "few"
    assert few.sentence().startswith("期望与感知的测量尺度是否一致无法检验")


def test_forms_that_were_not_asked() -> None:
    frame = made({"a": 120})[["store", *INSTRUMENT.columns("perception").values()]]
    with pytest.raises((SpecError, DataError)):
        form_comparability(Responses(frame, load_instrument("servperf-22")))
