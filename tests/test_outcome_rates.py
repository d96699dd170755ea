"""AAPOR's outcome rates: the published example, identities for any tallies, and what is said of tallies that can't be read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from servqual.inference import Ratio, estimate
from survey_design import SampleDesign
from survey_design.errors import DataError, SpecError
from survey_design.intercepts import DISPOSITIONS, RATES, count_outcomes, outcome_rates, plan_intercepts, tally_sheet
from survey_design.intercepts.outcomes import block_effect, wilson_bounds
from survey_design.intercepts.tally import eligible_share
from survey_design.results import Variable

CODES = [each.name for each in DISPOSITIONS]
# The example of R's outcomerate (docs.ropensci.org/outcomerate): I 4, P 2, R 1, NC 1, O 1, UH 1, UO 1, NE 1.
EXAMPLE = pd.DataFrame([{"block": "A", "complete": 4, "partial": 2, "refusal": 1, "missed": 1, "other": 1, "unknown": 2,
                         "ineligible": 1}])  # fmt: skip


def values(tallies: pd.DataFrame, **options: Any) -> dict[str, float]:
    return outcome_rates(tallies, **options).to_frame().set_index("rate")["value"].to_dict()


def random_tallies(seed: int, blocks: int = 12, hours: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (f"S{b % 4}", f"B{b:02d}", 10 + h, *rng.poisson(6 * rng.random(len(CODES))))
        for b in range(blocks)
        for h in range(hours)
    ]
    frame = pd.DataFrame(rows, columns=["store", "block", "hour", *CODES])
    return frame.assign(leavers=frame[CODES].sum(axis=1) * 5)


# --- against others ----------------------------------------------------------------------------------------


def test_published_example_of_outcomerate() -> None:
    found = values(EXAMPLE)
    published = {"RR1": 0.364, "RR2": 0.545, "RR5": 0.444, "RR6": 0.667, "COOP1": 0.500, "COOP3": 0.571, "REF1": 0.091}
    assert {name: round(found[name], 3) for name in published} == published


def test_published_example_with_e() -> None:
    """9 of 10 of known eligibility are eligible, so the estimate of e is the .9 of the example."""
    rates = outcome_rates(EXAMPLE)
    assert rates.e == pytest.approx(0.9, abs=1e-15)
    both = pd.DataFrame([{"I": 4, "P": 2, "R": 1, "NC": 1, "O": 1, "U": 2, "NE": 1}] * 2)
    assert eligible_share(both) == pytest.approx(0.9, abs=1e-15)
    for found in (values(EXAMPLE), values(EXAMPLE, e=0.9)):
        assert (round(found["RR3"], 3), round(found["RR4"], 3)) == (0.370, 0.556)


def test_every_rate_by_hand() -> None:
    i, p, r, nc, o, u, e = 4, 2, 1, 1, 1, 2, 0.5
    whole, known = i + p + r + nc + o + u, i + p + r + nc + o
    by_hand = {
        "RR1": i / whole, "RR2": (i + p) / whole, "RR3": i / (known + e * u), "RR4": (i + p) / (known + e * u),
        "RR5": i / known, "RR6": (i + p) / known, "COOP1": i / (i + p + r + o), "COOP2": (i + p) / (i + p + r + o),
        "COOP3": i / (i + p + r), "COOP4": (i + p) / (i + p + r), "REF1": r / whole, "REF2": r / (known + e * u),
        "REF3": r / known, "CON1": (i + p + r + o) / whole, "CON2": (i + p + r + o) / (known + e * u),
        "CON3": (i + p + r + o) / known,
    }  # fmt: skip
    assert values(EXAMPLE, e=e) == pytest.approx(by_hand, rel=1e-14)
    assert set(by_hand) == set(RATES)


@pytest.mark.parametrize(("count", "n"), [(0, 8), (3, 8), (8, 8), (37, 120)])
def test_one_block_has_the_wilson_interval_of_statsmodels(count: int, n: int) -> None:
    row = (
        outcome_rates(pd.DataFrame([{"block": "A", "complete": count, "refusal": n - count}]), level=0.9)
        .to_frame()
        .iloc[0]
    )
    assert (row["low"], row["high"]) == pytest.approx(
        proportion_confint(count, n, alpha=0.1, method="wilson"), abs=1e-12
    )


def test_design_effect_is_that_of_the_cluster_estimator() -> None:
    """With one row: se² of the ratio over blocks (checked against R's survey elsewhere) over r(1 − r)/n."""
    tallies = random_tallies(3).groupby("block", as_index=False).sum(numeric_only=True)
    top = tallies["complete"].astype(float)
    base = tallies[[name for name in CODES if name not in ("unknown", "ineligible")]].sum(axis=1).astype(float)
    frame = pd.DataFrame({"top": top, "base": base, "block": tallies["block"]})
    se = estimate(frame, Ratio("top", "base"), SampleDesign(clusters="block")).frame.loc[0, "se"]
    share, n = top.sum() / base.sum(), base.sum()
    row = outcome_rates(tallies, rates=["RR5"]).to_frame().iloc[0]
    assert row["deff"] == pytest.approx(se**2 / (share * (1 - share) / n), rel=1e-9)


def test_interval_follows_from_the_effective_n_and_t() -> None:
    from scipy.stats import t

    rates = outcome_rates(random_tallies(5), by="store", rates=["RR5"])
    row = rates.to_frame().iloc[1]
    assert rates.df == 12 - 4
    n, q = row["n"] / max(row["deff"], 1), t.ppf(0.975, rates.df)
    roots = np.roots([1 + q**2 / n, -(2 * row["value"] + q**2 / n), row["value"] ** 2])  # (p - r)² = q² p(1-p)/n
    assert [row["low"], row["high"]] == pytest.approx(sorted(roots), abs=1e-10)


def test_wilson_holds_the_truth_in_simulation() -> None:
    rng = np.random.default_rng(1)
    share = rng.binomial(60, 0.15, 4000) / 60
    low, high = wilson_bounds(share, np.full(4000, 60.0), 0, 0.95)
    assert 0.935 < ((low <= 0.15) & (high >= 0.15)).mean() < 0.975


# --- for any tallies ---------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=len(CODES), max_size=len(CODES)), st.floats(0, 1))
def test_identities(counts: list[int], e: float) -> None:
    row = dict(zip(CODES, counts, strict=True))
    found = values(pd.DataFrame([{"block": "A", **row}]), e=e)
    for contact, response in (("CON1", "RR2"), ("CON2", "RR4"), ("CON3", "RR6")):
        if np.isfinite(found["COOP2"]):
            assert found[contact] * found["COOP2"] == pytest.approx(found[response], abs=1e-12)
    if np.isfinite(found["RR5"]):
        assert found["RR1"] <= found["RR3"] + 1e-12 <= found["RR5"] + 2e-12
        eligible = sum(counts[:7])
        other = (row["missed"] + row["language"] + row["other"]) / eligible
        assert found["RR6"] + found["REF3"] + other == pytest.approx(1, abs=1e-12)
    if counts[7] == 0:
        assert found["RR1"] == pytest.approx(found["RR5"], nan_ok=True)


@pytest.mark.parametrize("seed", range(5))
def test_rows_add_up_and_order_of_lines_does_not_matter(seed: int) -> None:
    tallies = random_tallies(seed)
    split = outcome_rates(tallies, by=("store", "hour"))
    whole = outcome_rates(tallies)
    assert split.counts.drop(columns=["store", "hour"]).sum().to_dict() == whole.counts.iloc[0].to_dict()
    shuffled = outcome_rates(tallies.sample(frac=1, random_state=seed), by=("store", "hour"))
    pd.testing.assert_frame_equal(split.to_frame(), shuffled.to_frame())
    inside = split.to_frame().dropna()
    assert ((inside["low"] <= inside["value"]) & (inside["value"] <= inside["high"])).all()


def test_blocks_that_agree_are_no_better_than_independent_leavers() -> None:
    deff, df = block_effect(np.array([5.0, 5.0, 5.0]), np.array([10.0, 10.0, 10.0]), np.zeros(3, dtype=int))
    assert (deff, df) == (0.0, 2)
    tallies = pd.DataFrame({"block": list("ABC"), "complete": 5, "refusal": 5})
    low, high = outcome_rates(tallies, rates=["RR1"]).to_frame().loc[0, ["low", "high"]]
    plain = proportion_confint(15, 30, method="wilson")
    assert low <= plain[0]
    assert high >= plain[1]


def test_many_contacts_of_the_same_block_weigh_as_their_number() -> None:
    """Every leaver listed c times in its block: the same rates, a design effect c times as large."""
    tallies = random_tallies(7)
    once = outcome_rates(tallies, rates=["COOP1"]).to_frame().iloc[0]
    four = (
        outcome_rates(tallies.assign(**{name: 4 * tallies[name] for name in [*CODES, "leavers"]}), rates=["COOP1"])
        .to_frame()
        .iloc[0]
    )
    assert four["value"] == pytest.approx(once["value"])
    assert four["deff"] == pytest.approx(4 * once["deff"])


# --- how it is shown ---------------------------------------------------------------------------------------


def test_words_in_english_and_chinese() -> None:
    rates = outcome_rates(random_tallies(2), by="store", rates=["RR3", "REF1"])
    assert rates.title() == "Outcome rates (AAPOR), by store"
    assert "the share of eligible people among those of known eligibility" in rates.note()
    assert rates.sentence("RR3", store="S1").startswith("Response rate 3 (RR3) at S1: ")
    chinese = rates.in_language("zh")
    assert chinese.title() == "调查结果率（AAPOR）（按门店）"
    assert chinese.sentence("REF1", store="S1").startswith("S1 的拒访率 1（REF1）为 ")
    assert chinese.note().endswith("未加权。")
    assert "应答率 3（RR3）" in chinese.to_string()


def test_hours_have_a_heading_and_a_unit() -> None:
    tallies = random_tallies(2).assign(start=18)
    rates = outcome_rates(tallies, by="start", rates=["RR3"])
    assert rates.title() == "Outcome rates (AAPOR), by start (h)"
    assert "起始小时" in rates.in_language("zh").to_string()
    assert rates.sentence("RR3", start=18).startswith("Response rate 3 (RR3) at 18:00: ")
    assert rates.in_language("zh").sentence("RR3", start=18).startswith("18 时的应答率 3（RR3）为 ")


def test_values_are_told_by_their_labels() -> None:
    named = {"store": Variable({"en": "shop", "zh": "店铺"}, {"S1": {"en": "Main Street", "zh": "大街店"}})}
    rates = outcome_rates(random_tallies(2), by="store", rates=["RR3"]).with_labels(named)
    assert rates.title() == "Outcome rates (AAPOR), by shop"
    assert rates.sentence("RR3", store="S1").startswith("Response rate 3 (RR3) at Main Street: ")
    zh = rates.in_language("zh")
    assert zh.sentence("RR3", store="S1").startswith("大街店的应答率 3（RR3）为 ")
    assert zh.shown()["店铺"].tolist()[:2] == ["S0", "大街店"]
    assert "S1" in rates.to_frame()["store"].tolist()


def test_one_block_is_no_plural() -> None:
    assert "picked in 1 block;" in outcome_rates(EXAMPLE).note()
    assert "blocks" in outcome_rates(random_tallies(2)).note()


def test_given_e_is_said() -> None:
    assert "e = 0.250, given" in outcome_rates(EXAMPLE, e=0.25).note()
    assert "take leavers as independent" in outcome_rates(EXAMPLE).note()


def test_nobody_in_the_denominator_is_said_in_words() -> None:
    rates = outcome_rates(pd.DataFrame([{"block": "A", "complete": 0, "missed": 3}]), rates=["COOP1", "RR1"])
    assert rates.to_frame().set_index("rate")["reason"].to_dict() == {"COOP1": "nobody", "RR1": ""}
    assert (
        rates.sentence("COOP1")
        == "Cooperation rate 1 (COOP1) cannot be given: nobody to be counted in the denominator."
    )
    assert rates.in_language("zh").sentence("COOP1") == "合作率 1（COOP1）无法计算：分母中无人可计。"


def test_without_known_eligibility_e_is_asked_for() -> None:
    unknown = pd.DataFrame([{"block": "A", "complete": 0, "unknown": 3}])
    assert outcome_rates(unknown, rates=["RR3"]).to_frame().loc[0, "reason"] == "no e"
    assert outcome_rates(unknown, rates=["RR3"], e=0.5).to_frame().loc[0, "value"] == 0.0


# --- from the sheet ----------------------------------------------------------------------------------------


def filled_sheet() -> pd.DataFrame:
    hours = [(s, d, h, 60) for s in "AB" for d in ("2026-03-06", "2026-03-07") for h in range(10, 14)]
    footfall = pd.DataFrame(hours, columns=["store", "day", "hour", "leavers"])
    sheet = tally_sheet(plan_intercepts(footfall, n=40, interviewers=2, seed=1))
    frame = pd.read_csv(io.StringIO(sheet.to_csv()))
    frame["leavers"], frame["complete"], frame["refusal"] = 55, 4, 3
    return frame


def test_sheet_goes_out_as_csv_and_comes_back_filled() -> None:
    frame = filled_sheet()
    rates = outcome_rates(frame, by=("store", "hour"), rates=["RR1"])
    assert rates.to_frame()["value"].tolist() == pytest.approx([4 / 7] * len(rates.frame))
    assert rates.frame["store"].unique().tolist() == ["A", "B"]


def test_hours_that_were_not_worked_are_left_out() -> None:
    frame = filled_sheet()
    frame.loc[0, ["leavers", "complete", "refusal"]] = np.nan
    assert outcome_rates(frame).counts.loc[0, "picked"] == 7 * (len(frame) - 1)


def test_contacts_one_by_one_give_the_same_rates() -> None:
    tallies = random_tallies(4)
    rows = [(block, hour, code) for _, (block, hour, *counts) in tallies[["block", "hour", *CODES]].iterrows()
            for code, count in zip(CODES, counts, strict=True) for _ in range(count)]  # fmt: skip
    contacts = pd.DataFrame(rows, columns=["block", "hour", "outcome"])
    contacts.loc[contacts["outcome"] == "language", "outcome"] = "2.33"
    counted = count_outcomes(contacts, by=("block", "hour"))
    assert values(counted) == pytest.approx(values(tallies))


def test_every_code_has_words_and_an_aapor_number() -> None:
    assert {each.group for each in DISPOSITIONS} == {"I", "P", "R", "NC", "O", "U", "NE"}
    assert len({each.code for each in DISPOSITIONS}) == len(DISPOSITIONS)
    assert all(set(each.label) == {"en", "zh"} for each in DISPOSITIONS)
    first = {"I": "1", "P": "1", "R": "2", "NC": "2", "O": "2", "U": "3", "NE": "4"}
    assert all(each.code.startswith(first[each.group]) for each in DISPOSITIONS)


# --- what can't be read ------------------------------------------------------------------------------------


def test_all_faults_of_the_tallies_are_named_at_once() -> None:
    bad = pd.DataFrame({"block": ["A", "B", None, "D"], "complete": [-1, 2, 3, 4], "refusal": ["x", 1.5, 0, 2],
                        "leavers": [9, 9, 9, 5]})  # fmt: skip
    with pytest.raises(DataError, match="tallies have 5 cells") as caught:
        outcome_rates(bad)
    found = set(caught.value.cases[["row", "column", "problem"]].itertuples(index=False, name=None))
    assert found == {(2, "complete", "not a count"), (2, "refusal", "not a count"), (3, "refusal", "not a count"),
                     (5, "leavers", "fewer leavers than outcomes"), (4, "block", "no block")}  # fmt: skip


def test_unknown_outcomes_name_their_rows() -> None:
    with pytest.raises(DataError, match="1 outcomes are not known") as caught:
        count_outcomes(pd.DataFrame({"block": ["A", "A"], "outcome": ["complete", "gone"]}))
    assert caught.value.cases["row"].tolist() == [3]


def test_tallies_need_blocks_and_counts() -> None:
    with pytest.raises(DataError, match="has no column 'block'"):
        outcome_rates(pd.DataFrame({"complete": [1]}))
    with pytest.raises(DataError, match="tallies are empty"):
        outcome_rates(pd.DataFrame({"block": ["A"], "complete": [None]}))
    with pytest.raises(DataError, match="'shop'"):
        outcome_rates(EXAMPLE, by="shop")


@pytest.mark.parametrize(("options", "words"), [({"e": 1.5}, "e=1.5 must be a share"), ({"rates": ["RR7"]}, "'RR7'"),
                                               ({"rates": []}, "choose among"), ({"level": 95}, "level=95")])  # fmt: skip
def test_arguments_that_cannot_be_used(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        outcome_rates(EXAMPLE, **options)


def test_sentence_names_what_is_missing() -> None:
    rates = outcome_rates(random_tallies(2), by="store")
    with pytest.raises(SpecError, match="one value for each of store"):
        rates.sentence("RR1")
    with pytest.raises(SpecError, match="no row 'RR9'"):
        rates.sentence("RR9", store="S1")
