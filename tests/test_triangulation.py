"""Triangulation: survey, inspection, focus groups and complaints on the same dimensions.

Authorities: counts of speakers by hand (pandas) and the intervals of ``themes``; scipy's Kendall tau-b; Krippendorff's formula
written out on pairs; the tables that the cells come from. Identities: signals do not depend on the unit of a source, the sources'
order, or the order of their rows.
"""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Responses, load_instrument, score_gaps
from servqual.diagnosis import ItemLevels, diagnose, triangulate
from servqual.diagnosis.triangulation import rank_order, signals
from servqual.focus import read_statements
from servqual.plots import new_axes
from survey_design import DataError, SpecError

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SCALE = load_instrument("servqual-22")
NAMES = [each.id for each in SCALE.dimensions]
THEMES = {"service_functions": "responsiveness", "service_elements": "reliability", "service_elements.safety": "assurance",
          "service_delivery": "assurance", "business_demand": "tangibles"}  # fmt: skip


def customers(seed: int = 1, n: int = 60) -> Responses:
    """Answers whose gaps differ by dimension: reliability falls short most, tangibles not at all."""
    rng = np.random.default_rng(seed)
    short = dict(zip(NAMES, (0.0, -2.0, -1.5, -0.5, -0.6), strict=True))
    frame = {}
    for item in SCALE.items:
        frame[f"E_{item.id}"] = rng.integers(5, 8, n)
        frame[f"P_{item.id}"] = np.clip(np.rint(6 + short[item.dimension] + rng.normal(0, 0.8, n)), 1, 7)
    return Responses(pd.DataFrame(frame), SCALE)


def complaints(shares: dict[str, float], half: float = 0.03, n: int = 200) -> pd.DataFrame:
    rows = [(name, share, share - half, share + half, n) for name, share in shares.items()]
    return pd.DataFrame(rows, columns=["dimension", "share", "low", "high", "of"])


COMPLAINTS = complaints(
    {"tangibles": 0.05, "reliability": 0.5, "responsiveness": 0.19, "assurance": 0.16, "not stated": 0.1}
)


def inspection() -> ItemLevels:
    frame = pd.DataFrame({"item": ["TAN1", "TAN2", "REL1", "RES1", "EMP1"], "level": [0.9, 0.8, 0.9, 0.5, 0.72], "n": [40, 30, 40, 40, 40],
                          "df": 9.0, "reason": ""})  # fmt: skip
    covariance = np.diag([1.0, 1.0, 1.0, 1.0, 1.0]) * 0.0004
    covariance[0, 1] = covariance[1, 0] = 0.0002
    return ItemLevels(frame, covariance=covariance, kind="share", remarks=({"en": "40 visits", "zh": "40 次访问"},))


@pytest.fixture(scope="module")
def statements():
    return read_statements(SAMPLE / "statements.csv")


@pytest.fixture(scope="module")
def found(statements):
    return triangulate(
        gaps=score_gaps(customers()),
        inspection=inspection(),
        statements=statements,
        complaints=COMPLAINTS,
        themes=THEMES,
    )


def cells(result, source):
    return result.frame[result.frame["source"] == source].set_index("dimension")


def test_every_cell_is_the_number_of_its_source(found):
    gaps = score_gaps(customers()).to_frame().set_index("dimension")
    survey = cells(found, "survey")
    for ours, theirs in (("value", "gap"), ("low", "low"), ("high", "high"), ("n", "n")):
        assert survey[ours].tolist() == gaps.loc[survey.index, theirs].tolist()
    seen = cells(found, "inspection")
    assert seen["value"].to_dict() == pytest.approx({"tangibles": 0.85, "reliability": 0.9, "responsiveness": 0.5, "assurance": np.nan,
                                                     "empathy": 0.72}, nan_ok=True)  # fmt: skip
    half = stats.t.ppf(0.975, 9) * np.sqrt((0.0004 * 2 + 2 * 0.0002) / 4)  # the mean of two items that covary
    assert seen.loc["tangibles", ["low", "high"]].tolist() == pytest.approx([0.85 - half, 0.85 + half])
    assert seen.loc["tangibles", "n"] == 30
    told = cells(found, "complaints")
    assert told["value"].tolist() == pytest.approx([0.05, 0.5, 0.19, 0.16, np.nan], nan_ok=True)
    assert found.frame.groupby("source", sort=False).size().tolist() == [5] * 4


def test_a_diagnosis_brings_its_customer_gap():
    believed = Responses(pd.DataFrame({f"E_{item.id}": [5, 6, 6] for item in SCALE.items}), SCALE)
    one = triangulate(gaps=diagnose(customers(), managers=believed), complaints=COMPLAINTS)
    two = triangulate(gaps=score_gaps(customers()), complaints=COMPLAINTS)
    pd.testing.assert_frame_equal(one.frame, two.frame)


def test_dissatisfied_speakers_are_counted_once_a_dimension(found, statements):
    codes = statements.code_frame.codes
    home = {code.id: THEMES.get(code.id, THEMES.get(code.dimension)) for code in codes}
    people: dict[str, set] = {name: set() for name in NAMES}
    coded = set()
    for k, row in statements.frame.iterrows():
        if pd.isna(row["speaker"]):
            continue
        if statements.judged[k].any():
            coded.add((row["session"], row["speaker"]))
        if statements.sentiment[k] == -1:
            for c, code in enumerate(codes):
                if statements.votes[k, c].any() and home[code.id]:
                    people[home[code.id]].add((row["session"], row["speaker"]))
    focus = cells(found, "focus")
    for name in ("tangibles", "reliability", "responsiveness", "assurance"):
        assert focus.loc[name, "value"] == pytest.approx(len(people[name]) / len(coded)), name
        assert focus.loc[name, "n"] == len(coded)
        assert focus.loc[name, "low"] <= focus.loc[name, "value"] <= focus.loc[name, "high"]
    assert focus.loc["empathy", "signal"] == "not measured"
    assert any("belong to no dimension of the instrument" in remark["en"] for remark in found.remarks)


def test_signals_follow_from_the_lines():
    value, low, high = (
        np.array(x)
        for x in ([1.0, 2.0, 3.0, np.nan, 2.5], [0.5, 1.5, 2.6, np.nan, np.nan], [1.4, 2.6, 3.4, np.nan, np.nan])
    )
    assert signals(value, low, high, 2.0, 1).tolist() == ["no problem", "unclear", "problem", "not measured", "unclear"]
    assert signals(value, low, high, 2.0, -1).tolist() == [
        "problem",
        "unclear",
        "no problem",
        "not measured",
        "unclear",
    ]


def test_lines_are_the_sources_own_mean_or_as_given(found):
    for source in ("survey", "inspection", "focus", "complaints"):
        own = cells(found, source)
        assert own["line"].iloc[0] == pytest.approx(own["value"].mean())
    strict = triangulate(inspection=inspection(), complaints=COMPLAINTS, instrument=SCALE, lines={"inspection": 0.93})
    assert set(cells(strict, "inspection")["signal"]) == {"problem", "not measured", "unclear"}
    assert cells(strict, "inspection").loc["reliability", "signal"] == "unclear"  # its interval reaches the line
    assert "line as given (inspection)" in strict.note()
    assert "(complaints): worse than its average" in strict.note()


def all_orders(first: np.ndarray, second: np.ndarray) -> float:
    """scipy's p of tau over all pairings, two-sided."""
    test = stats.permutation_test((second,), lambda one: stats.kendalltau(first, one).statistic ** 2, permutation_type="pairings",
                                  alternative="greater", n_resamples=np.inf)  # fmt: skip
    return float(test.pvalue)


def test_p_of_an_order_with_ties_counts_orders_and_does_not_fall_below_what_any_order_reaches():
    tied, plain = np.array([1.0, 1, 2, 3, 4]), np.arange(5.0)
    assert rank_order(plain, plain[::-1]) == pytest.approx((-1, 2 / 120))
    assert rank_order(plain, plain)[1] == pytest.approx(stats.kendalltau(plain, plain, method="exact").pvalue)
    for first in (tied, np.array([1.0, 1, 1, 2, 2]), plain):
        for second in (plain, np.array([3.0, 1, 2, 2, 5]), tied[::-1]):
            tau, p = rank_order(first, second)
            assert (tau, p) == pytest.approx((stats.kendalltau(first, second).statistic, all_orders(first, second)))
    assert (
        stats.kendalltau(tied, plain).pvalue < 0.03
    )  # the normal approximation claims more than any order of these can show
    assert rank_order(tied, plain)[1] == pytest.approx(2 * 2 / 120)


def test_how_little_few_dimensions_can_show_is_said(found):
    assert "4 dimensions at most, so a description (even the very same order has p = 0.083)" in found.agreement.note()
    assert "p 也有 0.083" in found.in_language("zh").agreement.note()
    assert "cells, each at 95% by itself without correction" in found.note()
    assert "未作多重校正" in found.in_language("zh").note()


def test_better_than_its_own_average_is_not_called_no_problem(found):
    shown = found.to_markdown() if hasattr(found, "to_markdown") else repr(found) + found.note()
    assert "no problem" not in shown
    words = next(each for each in found.columns() if each.name == "signal").words
    assert words["no problem"] == {"en": "better than its line", "zh": "优于界线"}


def test_statements_without_a_sentiment_are_counted_aloud(statements):
    coded = statements.votes.any(axis=(1, 2))
    lost = int((np.isnan(statements.sentiment) & coded).sum())
    told = triangulate(inspection=inspection(), statements=statements, themes=THEMES, instrument=SCALE)
    said = int(re.search(r"(\d+) coded statements? without a sentiment count", told.note())[1])
    assert 0 < said <= lost
    assert f"{said} 条已编码发言未标注情感" in told.in_language("zh").note()


def test_order_agrees_as_scipy_has_it(found):
    bad = found.matrix("value").astype(float) * [-1, -1, 1, 1]
    for _, row in found.agreement.frame.iterrows():
        both = bad[[row["first"], row["second"]]].dropna()
        told = stats.kendalltau(both.iloc[:, 0], both.iloc[:, 1])
        assert [row["tau"], row["p"]] == pytest.approx([told.statistic, all_orders(*both.to_numpy().T)])
        assert row["dimensions"] == len(both)
    assert len(found.agreement.frame) == 6


def test_alpha_of_the_signals_is_one_less_observed_over_expected_disagreement(found):
    rank = {"no problem": 0, "unclear": 1, "problem": 2}
    units = [[rank[s] for s in row if s in rank] for row in found.matrix().to_numpy()]
    units = [unit for unit in units if len(unit) > 1]
    every = [value for unit in units for value in unit]
    count = np.bincount(every, minlength=3)

    def apart(a: int, b: int) -> float:  # ordinal distance of Krippendorff
        low, high = min(a, b), max(a, b)
        return float((count[low : high + 1].sum() - (count[low] + count[high]) / 2) ** 2) if a != b else 0.0

    observed = sum(apart(a, b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)) / len(every)
    expected = sum(apart(a, b) for a, b in permutations(every, 2)) / (len(every) * (len(every) - 1))
    assert found.agreement.alpha == pytest.approx(1 - observed / expected)


def test_blind_spots_are_those_who_are_silent_where_others_call(found):
    matrix = found.matrix()
    expected = {(dimension, source, "contradicts" if row[source] == "no problem" else "not measured")
                for dimension, row in matrix.iterrows() if (row == "problem").any()
                for source in matrix.columns if row[source] in ("no problem", "not measured")}  # fmt: skip
    frame = found.blind_spots.frame
    assert set(frame[["dimension", "silent", "kind"]].itertuples(index=False, name=None)) == expected
    assert ("reliability", "inspection", "contradicts") in expected
    assert f"{len(frame)} blind spots in all" in found.sentence()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_neither_units_nor_the_order_of_rows_matter(seed, unit):
    rng = np.random.default_rng(seed)
    value = rng.random(5)
    half = 0.2 * rng.random(5)
    table = pd.DataFrame({"dimension": NAMES, "share": value, "low": value - half, "high": value + half, "n": 50})
    scaled = table.assign(share=unit * value, low=unit * (value - half), high=unit * (value + half)).sample(
        frac=1, random_state=seed % 100
    )
    one, two = (triangulate(inspection=inspection(), complaints=each, instrument=SCALE) for each in (table, scaled))
    assert one.matrix().equals(two.matrix())
    assert one.matrix("rank").equals(two.matrix("rank"))
    assert one.agreement.frame["tau"].tolist() == pytest.approx(two.agreement.frame["tau"].tolist())


def test_sources_that_say_the_same_of_every_dimension_have_no_tau():
    flat = complaints(dict.fromkeys(NAMES, 0.2))
    row = triangulate(inspection=inspection(), complaints=flat, instrument=SCALE).agreement.frame.iloc[0]
    assert np.isnan(row["tau"])
    assert row["reason"] == "no spread"
    two = complaints({"tangibles": 0.4, "reliability": 0.6})
    assert triangulate(inspection=inspection(), complaints=two, instrument=SCALE).agreement.frame[
        "reason"
    ].tolist() == ["few"]


def test_what_can_not_be_used_is_refused_in_words(statements):
    gaps = score_gaps(customers())
    with pytest.raises(SpecError, match="two sources at least"):
        triangulate(gaps=gaps)
    with pytest.raises(SpecError, match="say which instrument's dimensions"):
        triangulate(inspection=inspection(), complaints=COMPLAINTS)
    with pytest.raises(SpecError, match="unknown codes: 'gossip'"):
        triangulate(gaps=gaps, statements=statements, themes={"gossip": "reliability"})
    with pytest.raises(SpecError, match="unknown dimensions: 'kindness'"):
        triangulate(gaps=gaps, statements=statements, themes={"service_functions": "kindness"})
    with pytest.raises(SpecError, match="no code of the statements belongs to a dimension"):
        triangulate(gaps=gaps, statements=statements)
    with pytest.raises(SpecError, match="lines names unknown sources: gossip"):
        triangulate(gaps=gaps, complaints=COMPLAINTS, lines={"gossip": 1.0})
    with pytest.raises(SpecError, match="must be the shares of inspected_items"):
        triangulate(gaps=gaps, inspection=ItemLevels.given({"TAN1": 6}))
    with pytest.raises(SpecError, match="unknown items: 'XYZ'"):
        triangulate(gaps=gaps, inspection=ItemLevels.given({"XYZ": 0.6}, kind="share"))
    with pytest.raises(SpecError, match="a dimension more than once"):
        triangulate(gaps=gaps, complaints=pd.concat([COMPLAINTS, COMPLAINTS]))
    with pytest.raises(SpecError, match="no row of the complaints belongs"):
        triangulate(gaps=gaps, complaints=COMPLAINTS.assign(dimension="other"))
    with pytest.raises(DataError, match="no column 'share'"):
        triangulate(gaps=gaps, complaints=COMPLAINTS.drop(columns="share"))
    split = score_gaps(Responses(customers().frame.assign(store=["A", "B"] * 30), SCALE), by="store")
    with pytest.raises(SpecError, match="gaps are split by store"):
        triangulate(gaps=split, complaints=COMPLAINTS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_speaks_both_languages_and_is_drawn(found, language):
    shown = found.in_language(language)
    for text in (
        shown.sentence(),
        shown.note(),
        shown.title(),
        shown.agreement.note(),
        shown.blind_spots.note(),
        shown.agreement.title(),
    ):
        assert text
        assert "nan" not in text
        foreign = (
            any(mark in text for mark in (", ", "; ", ": "))
            if language == "zh"
            else any("\u4e00" <= sign <= "\u9fff" for sign in text)
        )
        assert not foreign, text
    for result in (shown, shown.agreement, shown.blind_spots):
        assert str(result)
        assert all(column.name in result.frame.columns for column in result.columns())
    ax = shown.plot(new_axes())
    drawn = next(each for each in ax.collections if each.get_label() == "cells")
    assert len(drawn.get_paths()) == 20
    written = [text.get_text() for text in ax.texts]
    assert sum(text.startswith("▼") for text in written) == int((found.frame["signal"] == "problem").sum())


def test_nobody_calls_where_nothing_is_clear():
    wide = complaints(dict(zip(NAMES, (0.1, 0.2, 0.3, 0.2, 0.2), strict=True)), half=0.5)
    unsure = ItemLevels(inspection().frame, covariance=np.eye(5), kind="share")
    found = triangulate(inspection=unsure, complaints=wide, instrument=SCALE)
    assert found.sentence() == "None of 2 sources sees a clear problem in any dimension."
    assert found.in_language("zh").sentence() == "2 个来源均未在任何维度上发出明确的问题信号。"
    assert found.blind_spots.frame.empty
    assert found.blind_spots.note() == "There is none."
