"""Return on quality: money in, money back, and what would turn the decision.

Authorities:

* S145's own numbers: 15 %, 10 %, 15 %; payback from saving alone 1.5 years (rules 29 and 40);
* published present values and rates of return: the examples of Excel's NPV and IRR functions, those of NumPy's ``npv`` and ``irr``
  (the latter after Gitman 2003, p. 348), to the decimals printed;
* the closed formula of the annuity, and for two years the quadratic equation: 1e-9;
* the triangular distribution's quantiles (scipy): within Monte Carlo error.

Below these stand identities and hostile input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import triang

from servqual.plots import new_axes
from servqual.priorities.returns import (
    QUANTITIES,
    QualityReturn,
    internal_rate,
    payback,
    present_value,
    return_on_quality,
)
from survey_design import SpecError

FEW = settings(max_examples=40, deadline=None)
AMOUNTS = {"operating_budget": 100.0, "operating_cost": 100.0, "revenue": 120.0}
SHARES = st.floats(0.01, 1.0)


def found(**change: Any) -> QualityReturn:
    return return_on_quality(**{**AMOUNTS, "draws": 200, **change})


# --- rules -------------------------------------------------------------------------------------------------


def test_rule_29_investment_saving_and_revenue() -> None:
    """15 % of the operating budget, 10 % of the operating cost a year, revenue + 15 %: the rates unless told otherwise."""
    result = return_on_quality(operating_budget=2_000_000, operating_cost=1_500_000, revenue=4_000_000)
    assert result.rates == {
        "investment": 0.15,
        "saving": 0.10,
        "revenue_rise": 0.15,
        "margin": 1.0,
        "discount_rate": 0.08,
    }
    assert [result.value(name) for name in ("investment", "saving", "revenue")] == pytest.approx(
        [300_000, 150_000, 600_000]
    )


def test_rule_40_payback_from_saving_alone() -> None:
    """Budget 100, cost 100, revenue 120: investment 15, saving 10 a year, revenue + 18; payback from saving alone 1.5 years."""
    result = found()
    assert [result.value(name) for name in ("investment", "saving", "revenue")] == pytest.approx([15, 10, 18])
    assert result.value("payback_saving") == pytest.approx(1.5)
    assert result.value("payback") == pytest.approx(15 / 28)
    assert result.value("roi") == pytest.approx((3 * 28 - 15) / 15)


# --- authorities -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "flows", "value", "places"), [
    (0.08, [-40_000, 8_000, 9_200, 10_000, 12_000, 14_500], 1_922.06, 2),  # Excel, NPV, second example
    (0.08, [-40_000, 8_000, 9_200, 10_000, 12_000, 14_500, -9_000], -3_749.47, 2),  # the same with a loss in the sixth year
    (0.08, [-40_000, 5_000, 8_000, 12_000, 30_000], 3_065.22267, 5),  # NumPy, npv
    (0.281, [-100, 39, 59, 55, 20], -0.0085, 4),  # NumPy, npv near the rate below
])  # fmt: skip
def test_published_present_values(rate: float, flows: list[float], value: float, places: int) -> None:
    assert round(float(present_value(np.array(flows), rate)), places) == value


@pytest.mark.parametrize(("flows", "rate", "places"), [
    ([-70_000, 12_000, 15_000, 18_000, 21_000], -0.021, 3),  # Excel, IRR after four years
    ([-70_000, 12_000, 15_000, 18_000, 21_000, 26_000], 0.087, 3),  # after five years
    ([-70_000, 12_000, 15_000], -0.444, 3),  # after two years
    ([-100, 39, 59, 55, 20], 0.28095, 5),  # NumPy, irr, after Gitman
    ([-100, 0, 0, 74], -0.0955, 4),  # NumPy, irr
])  # fmt: skip
def test_published_rates_of_return(flows: list[float], rate: float, places: int) -> None:
    assert round(float(internal_rate(np.array(flows))), places) == rate


@FEW
@given(SHARES, SHARES, SHARES, SHARES, st.floats(-0.5, 2), st.integers(1, 30))
def test_closed_formula_of_the_annuity(
    investment: float, saving: float, rise: float, margin: float, rate: float, years: int
) -> None:
    result = found(
        investment=investment,
        saving=saving,
        revenue_rise=rise,
        margin=margin,
        discount_rate=rate,
        years=years,
        ranges={},
    )
    outlay, inflow = 100 * investment, 100 * saving + 120 * rise * margin
    factor = years if abs(rate) < 1e-9 else (1 - (1 + rate) ** -years) / rate
    npv = inflow * factor - outlay
    assert result.value("npv") == pytest.approx(npv, rel=1e-6, abs=1e-6 * inflow)
    assert result.value("roi") == pytest.approx(years * inflow / outlay - 1)
    assert np.isnan(result.value("payback")) == (outlay > years * inflow * (1 + 1e-9)) or outlay == pytest.approx(
        years * inflow
    )
    if outlay < years * inflow:
        assert result.value("payback") == pytest.approx(outlay / inflow)
    irr = result.value("irr")
    flows = result.ledger.frame["net"].to_numpy()
    assert float(present_value(flows, irr)) == pytest.approx(0, abs=1e-7 * outlay)  # NPV(IRR) = 0
    if abs(npv) > 1e-6 * outlay:
        assert (irr > rate) == (npv > 0)  # above the discount rate exactly where it pays
    if years == 2:
        v = (-inflow + np.sqrt(inflow**2 + 4 * inflow * outlay)) / (2 * inflow)
        assert irr == pytest.approx(1 / v - 1, rel=1e-9, abs=1e-9)


def test_discounted_payback_by_hand() -> None:
    """100 out, 60 in at 10 %: 54.545 and 49.587 come back, so 1 + 45.455 / 49.587 years."""
    result = return_on_quality(operating_budget=1000, operating_cost=600, revenue=0, investment=0.1, saving=0.1, years=4, discount_rate=0.10,
                               ranges={})  # fmt: skip
    assert result.value("payback_discounted") == pytest.approx(1 + (100 - 60 / 1.1) / (60 / 1.21))
    assert float(payback(np.array([-100.0, 20, 30, 100]))) == pytest.approx(2.5)
    assert payback(np.array([[-100.0, 50, 50], [-100, 20, 20]])).tolist() == pytest.approx([2, np.nan], nan_ok=True)


def test_intervals_follow_the_triangle() -> None:
    """The saving's interval is that of its triangular distribution."""
    result = found(ranges={"saving": (0.02, 0.16)}, draws=40_000)
    exact = 100 * triang(c=0.08 / 0.14, loc=0.02, scale=0.14).ppf([0.025, 0.975])
    row = result.frame.set_index("quantity").loc["saving"]
    assert [row["low"], row["high"]] == pytest.approx(exact, abs=0.1)
    assert result.frame.set_index("quantity").loc["investment", ["low", "high"]].tolist() == pytest.approx([15, 15])


# --- identities --------------------------------------------------------------------------------------------


def test_the_ledger_adds_up() -> None:
    result = found(years=5, margin=0.3)
    ledger = result.ledger.frame
    assert ledger["net"].to_numpy() == pytest.approx(
        (ledger["investment"] + ledger["saving"] + ledger["contribution"]).to_numpy()
    )
    assert (
        ledger["cumulative_present"].iloc[-1]
        == pytest.approx(result.value("npv"))
        == pytest.approx(result.sensitivity.npv)
    )
    assert ledger["net"].sum() / result.value("investment") == pytest.approx(result.value("roi"))
    assert len(ledger) == 6


@FEW
@given(SHARES, SHARES, SHARES, SHARES, st.floats(-0.2, 0.5))
def test_break_even_is_where_nothing_is_gained(
    investment: float, saving: float, rise: float, margin: float, rate: float
) -> None:
    """Every break-even rate, put in its place, gives a present value of 0."""
    rates = {"investment": investment, "saving": saving, "revenue_rise": rise, "margin": margin, "discount_rate": rate}
    table = found(**rates, ranges={}).sensitivity.frame.set_index("rate")
    for name, even in table["break_even"].items():
        if np.isfinite(even) and 1e-9 < even <= 1:
            assert found(**{**rates, name: even}, ranges={}).value("npv") == pytest.approx(0, abs=1e-6)


def test_what_turns_the_decision() -> None:
    """With a dear investment the saving decides: its break-even lies within its range, and the present value changes sign there."""
    rates = {"investment": 0.5, "revenue_rise": 0.05, "margin": 0.2, "years": 5}
    result = found(**rates, ranges={"saving": (0.05, 0.20), "revenue_rise": (0.04, 0.06)})
    table = result.what_would_change().frame.set_index("rate")
    assert table.loc["saving", "turns"]
    assert not table.loc["revenue_rise", "turns"]
    assert table.loc["saving", "npv_low"] < 0 < table.loc["saving", "npv_high"]
    assert table.index[0] == "saving"
    assert result.sensitivity.sentence().startswith(
        "The decision turns with saving, share of operating cost a year at 11."
    )
    assert result.in_language("zh").sensitivity.sentence().startswith("以下比率会改变决策，每年节约占运营成本比例：11.")
    assert 0 < result.chance < 1
    ends = [found(**rates, saving=end, ranges={}).value("npv") for end in (0.05, 0.20)]
    assert table.loc["saving", ["npv_low", "npv_high"]].tolist() == pytest.approx(ends)


def test_wider_ranges_wider_intervals_and_the_same_seed() -> None:
    narrow, wide = (
        found(ranges={"saving": (0.1 - w, 0.1 + w)}, draws=2000).frame.set_index("quantity").loc["npv"]
        for w in (0.02, 0.08)
    )
    assert wide["high"] - wide["low"] == pytest.approx(4 * (narrow["high"] - narrow["low"]), rel=1e-6)
    assert found(seed=3).to_csv() == found(seed=3).to_csv() != found(seed=4).to_csv()
    twice = return_on_quality(**{name: 2 * amount for name, amount in AMOUNTS.items()}, draws=200)
    assert twice.value("npv") == pytest.approx(2 * found().value("npv"))
    assert twice.value("irr") == pytest.approx(found().value("irr"))


# --- words -------------------------------------------------------------------------------------------------


def test_never_paid_back() -> None:
    result = found(saving=0, revenue_rise=0)
    frame = result.frame.set_index("quantity")
    assert frame.loc["payback_saving", "reason"] == "no saving"
    assert frame.loc["payback", "reason"] == "not within"
    assert frame.loc["irr", "reason"] == "no inflow"
    assert result.value("npv") == pytest.approx(-15)
    assert "not paid back within 3 years" in result.sentence()
    assert "does not pay" in result.sentence()
    assert "3 年内不能收回" in result.in_language("zh").sentence()
    some = found(saving=0.06, revenue_rise=0, ranges={"saving": (0.02, 0.1)}).frame.set_index("quantity")
    assert some.loc["payback", "reason"] == "some not within"
    assert np.isfinite(some.loc["payback", "low"])


def test_nothing_is_missing_without_a_reason() -> None:
    for result in (found(), found(saving=0), found(saving=0, revenue_rise=0, years=1), found(ranges={})):
        frame = result.frame
        assert list(frame["quantity"]) == list(QUANTITIES)
        assert (frame["value"].notna() | (frame["reason"] != "")).all()


def test_tables_in_both_languages() -> None:
    result = return_on_quality(
        operating_budget=2e7, operating_cost=1.6e7, revenue=2.4e7, margin=0.2, currency="CNY", draws=500
    )
    for language in ("en", "zh"):
        shown = result.in_language(language)
        for part in (shown, shown.ledger, shown.sensitivity):
            assert part.language == language
            assert "nan" not in part.to_string().lower()
            assert "CNY" in part.title()
        assert ("假设" in shown.note()) == (language == "zh")
    assert "is assumed here, not shown" in result.note()
    assert "nobody stated ranges" in result.note()
    assert "Of added revenue 20.0% stays" in result.note()
    assert "counts in full" in found().note()
    assert "nobody stated ranges" not in found(ranges={"saving": (0.05, 0.15)}).note()
    cells = dict(zip(result.frame["quantity"], result.shown()["value"], strict=True))
    assert cells["investment"] == "3,000,000"
    assert cells["irr"].endswith("%")
    assert cells["payback"] == "1.3"
    assert result.to_frame()["value"].iloc[0] == 3_000_000  # the table itself stays exact


def test_the_sentence_stands_alone_and_tells_no_chance_from_a_placeholder() -> None:
    usual = found()
    en, zh = usual.sentence(), usual.in_language("zh").sentence()
    assert usual.chance > 0.9  # which would be read as certainty
    assert "chance of" not in en
    assert "概率 " not in zh
    assert "a placeholder that allows no chance to be told" in en
    assert "仅为占位" in zh
    assert "revenue rises by 15.0%, counted in full, without the cost of serving it" in en
    assert "收入增长 15.0%，全额计入，未扣除相应成本" in zh
    stated = found(ranges={"revenue_rise": (0.0, 0.3)}, margin=0.2)
    assert "above 0 with a chance of" in stated.sentence()
    assert "of which 20.0% stays" in stated.sentence()
    assert "其中留存 20.0%" in stated.in_language("zh").sentence()


def test_no_ranges_no_intervals() -> None:
    result = found(ranges={})
    assert result.frame[["low", "high"]].isna().all().all()
    assert "no intervals" in result.note()
    assert np.isnan(result.chance)
    assert "Nothing" not in result.sentence()
    assert result.sensitivity.sentence() == "No ranges were given, so nothing can be said of what turns the decision."
    with pytest.raises(SpecError, match="give ranges="):
        result.sensitivity.plot(new_axes())


@pytest.mark.parametrize(("change", "words"), [
    ({"operating_budget": -1}, "operating_budget=-1"),
    ({"operating_budget": 0}, "operating_budget=0"),
    ({"operating_cost": -5}, "operating_cost=-5"),
    ({"revenue": float("nan")}, "revenue=nan"),
    ({"investment": 15}, "investment=15 .*0.15 for 15 %"),
    ({"investment": 0}, "investment=0"),
    ({"saving": 1.5}, "saving=1.5"),
    ({"margin": -0.1}, "margin=-0.1"),
    ({"discount_rate": -1.0}, "discount_rate=-1.0 .*−100 %"),
    ({"discount_rate": -1.5}, "discount_rate=-1.5"),
    ({"years": 0}, "years=0"),
    ({"years": 2.5}, "years=2.5"),
    ({"draws": 0}, "draws=0"),
    ({"level": 95}, "level=95"),
    ({"ranges": {"saving": (0.2, 0.1)}}, "saving: 0.2 is above 0.1"),
    ({"ranges": {"saving": (0.2, 0.3)}}, "saving: 0.1 lies outside 0.2 to 0.3"),
    ({"ranges": {"speed": (0, 1)}}, "'speed' is no rate"),
    ({"ranges": {"saving": 0.1}}, "give the smallest and the largest"),
    ({"ranges": {"discount_rate": (-1, 0.2)}}, "discount_rate"),
    ({"language": "de"}, "language='de'"),
])  # fmt: skip
def test_wrong_calls(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        found(**change)


def test_flows_without_one_rate_have_none() -> None:
    """Money back before it is put in, or a loss at the end: there may be no rate or two, so none is given."""
    assert np.isnan(internal_rate(np.array([[100.0, -50, -60], [-100, 230, -132], [-100, 0, 0]]))).all()


# --- pictures ----------------------------------------------------------------------------------------------


def test_pictures_show_the_numbers() -> None:
    result = found(years=4, ranges={"saving": (0.05, 0.15), "discount_rate": (0.02, 0.2)})
    for language in ("en", "zh"):
        shown = result.in_language(language)
        ax = shown.plot(new_axes())
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert lines["present"][-1] == pytest.approx(result.value("npv"))
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(result.ledger.frame["net"].sum())
        bars = shown.sensitivity.plot(new_axes())
        assert len(bars.get_yticklabels()) == 2
        reach = sorted(bar.get_x() + bar.get_width() for bar in bars.patches)
        ends = result.sensitivity.frame.query("low < high")[["npv_low", "npv_high"]].to_numpy().ravel()
        assert reach == pytest.approx(sorted(ends))


def test_what_is_given_stays_as_it_is() -> None:
    ranges = {"saving": (0.05, 0.15)}
    result = found(ranges=ranges)
    copy = result.to_frame()
    copy.loc[0, "value"] = 0
    assert ranges == {"saving": (0.05, 0.15)}
    assert result.value("investment") == 15
    pd.testing.assert_frame_equal(result.in_language("zh").frame, result.frame)
