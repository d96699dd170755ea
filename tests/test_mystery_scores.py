"""Scores of visits and what is made of them.

Authorities: the reference results of mystery visits (R, kept beside the project), R's survey 4.1 and t.test on made-up
visits (reference/mystery.R), Welch's and Student's tests of scipy. Identities hold for any visits.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual.inference import Student
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator, Level
from servqual.mystery.points import violated
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import read_visits
from servqual.plots import new_axes
from survey_design.errors import DataError, SpecError

REFERENCE = Path(__file__).parent / "reference"


# --- reference results -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oracle(shared):
    return shared.oracle("mystery_shopper.json")


@pytest.fixture(scope="module")
def oracle_visits(shared):
    """Every item its own indicator, sections as categories, weights normalised."""
    items = shared.frame("mystery_checklist_synthetic.csv")
    sections = items.groupby("section", sort=False)["weight"].sum()
    quarters = tuple(Level(k, k / 4) for k in range(5))
    checklist = Checklist(
        "synthetic", "1", {"en": "Synthetic"},
        tuple(Category(name, {"en": name}, weight / sections.sum()) for name, weight in sections.items()),
        tuple(Indicator(f"I{r.item}", {"en": r.item}, r.section, r.weight / sections[r.section]) for r in items.itertuples()),
        tuple(ChecklistItem(r.item, {"en": r.item}, f"I{r.item}", veto=bool(r.critical),
                            **({} if r.type == "binary" else {"type": "graded", "levels": quarters})) for r in items.itertuples()),
        languages=("en",),
    )  # fmt: skip
    frame = shared.frame("mystery_visits_synthetic.csv").rename(columns={"branch": "store", "double_id": "double"})
    for name in items.loc[items["type"] != "binary", "item"]:
        frame[name] *= 4
    frame[items["item"]] = frame[items["item"]].astype(object).where(frame[items["item"]].notna(), "NA")
    return read_visits(frame, checklist)


def test_oracle_visits_sections_and_the_overall_mean(oracle_visits, oracle):
    expected = oracle["results"]
    scores = score_visits(oracle_visits, of="raw", interval=Student())
    visits = scores.per_visit()
    np.testing.assert_allclose(visits["raw"], expected["visit_scores"], atol=1e-9)
    for section, values in expected["section_scores"].items():
        np.testing.assert_allclose(visits[f"category:{section}"], values, atol=1e-9)
    overall, row = expected["overall"], scores.row()
    np.testing.assert_allclose(
        [row["score"], row["low"], row["high"]], [overall["mean"], *overall["ci95_t"]], atol=1e-9
    )
    assert row["se"] == pytest.approx(overall["sd"] / np.sqrt(32), abs=1e-9)


def test_oracle_branches(oracle_visits, oracle):
    scores = score_visits(oracle_visits, of="raw", by="store")
    for branch in oracle["results"]["branches"]:
        row = scores.row(store=branch["branch"])
        assert row["n"] == branch["n"]
        np.testing.assert_allclose(
            [row["score"], row["low"], row["high"]], [branch["mean"], *branch["ci95_t"]], atol=1e-9
        )
    standings = score_visits(oracle_visits, of="raw").stores()
    for branch in oracle["results"]["branches"]:
        estimate = standings.estimate(branch["branch"])
        np.testing.assert_allclose(
            [estimate.value, estimate.low, estimate.high], [branch["mean"], *branch["ci95_t"]], atol=1e-9
        )


def test_oracle_items(oracle_visits, oracle):
    table = score_visits(oracle_visits, interval=Student()).compliance().to_frame().set_index("id")
    for item in oracle["results"]["items"]:
        row = table.loc[item["item"]]
        assert row["n"] == item["applicable"]
        assert row["share"] == pytest.approx(item["compliance"], abs=1e-9)
        if item["wilson95"] is not None:
            np.testing.assert_allclose(row[["low", "high"]].astype(float), item["wilson95"], atol=1e-9)


def test_oracle_critical_fails_and_passes(oracle_visits, oracle):
    expected, scores = oracle["results"], score_visits(oracle_visits)
    failed = violated(scores.plan, oracle_visits.answers).any(axis=1)
    assert (np.flatnonzero(failed) + 1).tolist() == expected["critical_fail_1based"]
    log = scores.veto_log().to_frame()
    assert log["visit"].nunique() == len(expected["critical_fail_1based"])
    passed = pd.Series(~failed).groupby(oracle_visits.frame["store"]).mean()
    np.testing.assert_allclose(passed, [branch["pass_rate"] for branch in expected["branches"]])


def test_oracle_double_visits(oracle_visits, oracle):
    ratings = oracle_visits.double_ratings(keep="ends").pivot(index="unit", columns="rater", values="value")
    expected = oracle["results"]["double_visit_agreement"]
    assert len(ratings) == expected["n"]
    assert (ratings[1] == ratings[2]).mean() == pytest.approx(expected["percent_agreement"], abs=1e-12)


# --- R's survey --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def survey():
    return tomllib.loads((REFERENCE / "mystery.toml").read_text(encoding="utf-8"))


def small(strata=None):
    checklist = Checklist(
        "small", "1", {"en": "Small"}, (Category("all", {"en": "All"}, 1.0),),
        (Indicator("first", {"en": "First"}, "all", 0.6), Indicator("second", {"en": "Second"}, "all", 0.4)),
        (ChecklistItem("a", {"en": "a"}, "first", points=3, veto=True), ChecklistItem("b", {"en": "b"}, "first", points=2),
         ChecklistItem("c", {"en": "c"}, "first"), ChecklistItem("d", {"en": "d"}, "second"),
         ChecklistItem("e", {"en": "e"}, "second")),
        languages=("en",),
    )  # fmt: skip
    return read_visits(REFERENCE / "mystery_visits.csv", checklist, strata=strata)


def numbers(row):
    return [float(row[name]) for name in ("score", "se", "low", "high", "df")]


def test_visits_are_scored_as_in_r(survey):
    visits = score_visits(small()).per_visit()
    np.testing.assert_allclose(visits["final"], survey["final"], atol=1e-10)
    np.testing.assert_allclose(visits["raw"], survey["raw"], atol=1e-10)


def test_means_over_clusters_are_those_of_survey(survey):
    assert numbers(score_visits(small()).row()) == pytest.approx(survey["clustered"], abs=1e-9)
    assert numbers(score_visits(small("tier")).row()) == pytest.approx(survey["stratified"], abs=1e-9)
    assert numbers(score_visits(small()).row("first")) == pytest.approx(survey["first"], abs=1e-9)
    assert numbers(score_visits(small(), by="tier").row(tier="core")) == pytest.approx(survey["core"], abs=1e-9)


def test_differences_of_kinds_are_those_of_survey_and_of_welch(survey):
    row = score_visits(small()).differences("mode").row("covert", "overt")
    assert [row["difference"], row["se"]] == pytest.approx(survey["covert_less_overt"], abs=1e-9)
    simple = score_visits(small(), interval=Student()).differences("mode").row("covert", "overt")
    assert [float(simple[name]) for name in ("difference", "low", "high", "df", "p")] == pytest.approx(
        survey["welch"], abs=1e-9
    )


# --- a made-up study ---------------------------------------------------------------------------------------


def shop():
    categories = (
        Category("people", {"en": "People", "zh": "人员"}, 0.5),
        Category("process", {"en": "Process", "zh": "过程"}, 0.5),
        Category("promo", {"en": "Promotion", "zh": "营销"}, 0.1, "marketing"),
    )
    indicators = (
        Indicator("attitude", {"en": "Attitude", "zh": "态度"}, "people", 1.0),
        Indicator("advice", {"en": "Advice", "zh": "咨询"}, "process", 0.7),
        Indicator("pay", {"en": "Payment", "zh": "付款"}, "process", 0.3),
        Indicator("offer", {"en": "Offers", "zh": "推介"}, "promo", 1.0),
    )
    items = (
        ChecklistItem("greet", {"en": "Greets", "zh": "主动问候"}, "attitude", points=2),
        ChecklistItem("rude", {"en": "Not rude", "zh": "无粗暴言行"}, "attitude", veto=True),
        ChecklistItem("needs", {"en": "Asks needs", "zh": "询问需求"}, "advice", "timed", limit=2, zero_at=9),
        ChecklistItem("charge", {"en": "No forced charge", "zh": "无强行收费"}, "pay", veto=True),
        ChecklistItem("receipt", {"en": "Receipt", "zh": "开具票据"}, "pay"),
        ChecklistItem("offers", {"en": "Offers made", "zh": "推介次数"}, "offer", "counted", target=2),
    )
    return Checklist("shop", "1", {"en": "Shop visits", "zh": "门店访问"}, categories, indicators, items)


def study(stores=12, each=5, seed=1, **changed):
    g, n = np.random.default_rng(seed), stores * each
    store = np.repeat(np.arange(stores), each)
    chance = np.clip(0.8 + 0.1 * g.normal(size=stores), 0.1, 0.98)[store]
    frame = pd.DataFrame({
        "visit": [f"V{k}" for k in range(n)], "store": [f"S{k:02d}" for k in store],
        "tier": np.where(store % 2, "core", "other"), "mode": np.where(np.arange(n) % 3, "covert", "overt"),
        "scenario": np.array(["enquiry", "enquiry", "real_purchase"])[np.arange(n) % 3],
        "greet": (g.random(n) < chance).astype(int), "rude": (g.random(n) < 0.93).astype(int),
        "needs": g.gamma(3, 1.5, n).round(1), "charge": (g.random(n) < 0.95).astype(int),
        "receipt": (g.random(n) < chance).astype(int), "offers": g.poisson(1.2, n),
    }).astype({"charge": object, "receipt": object})  # fmt: skip
    away = g.random(n) < 0.3
    frame.loc[away, "charge"] = frame.loc[away, "receipt"] = "NA"
    return read_visits(frame.assign(**changed), shop())


def test_the_table_adds_up():
    scores = score_visits(study())
    frame, visits = scores.to_frame(), scores.per_visit()
    assert frame["part"].value_counts().to_dict() == {"item": 6, "indicator": 4, "category": 2, "total": 1, "module": 1}
    assert scores.row("marketing", "module")["score"] == pytest.approx(scores.row("offer")["score"])
    np.testing.assert_allclose(frame["lost"], frame["raw"] - frame["final"])
    assert (frame["lost"] >= -1e-12).all()
    assert scores.row()["score"] == pytest.approx(visits["final"].mean())
    pay = scores.row("pay")
    assert pay["n"] + pay["n_na"] == 60
    assert pay["coverage"] == pytest.approx(pay["n"] / 60)
    raw = score_visits(study(), of="raw")
    np.testing.assert_allclose(raw.frame["score"], frame["raw"])


def test_groups_are_the_visits_of_their_own():
    visits = study()
    by_tier = score_visits(visits, by="tier")
    alone = score_visits(visits.chosen((visits.frame["tier"] == "core").to_numpy()))
    for name in ("total", "people", "attitude", "greet"):
        one, other = by_tier.row(name, tier="core"), alone.row(name)
        assert one[["n", "stores", "n_na"]].tolist() == other[["n", "stores", "n_na"]].tolist()
        np.testing.assert_allclose(
            one[["score", "raw", "coverage"]].astype(float), other[["score", "raw", "coverage"]].astype(float)
        )
    both = score_visits(visits, by=["tier", "mode"])
    assert both.frame.groupby("id")["n"].sum()["total"] == 60


def test_many_columns_and_cells_give_the_same_in_portions(monkeypatch):
    whole = score_visits(study(), by="store").to_frame()
    monkeypatch.setattr("servqual.mystery.scores._ROOM", 400)
    pd.testing.assert_frame_equal(score_visits(study(), by="store").to_frame(), whole)


def test_stores_that_differ_make_the_interval_wider():
    visits = study(stores=10, each=8, greet=np.repeat([1, 0], 40))
    honest, simple = score_visits(visits).row("attitude"), score_visits(visits, interval=Student()).row("attitude")
    assert honest["score"] == pytest.approx(simple["score"])
    assert honest["se"] > 1.5 * simple["se"]
    assert honest["df"] == 9


# --- rules -------------------------------------------------------------------------------------------------


def test_rule_9_the_veto_log_says_what_each_violation_took():
    visits = study(rude=np.r_[0, np.ones(59, int)], charge=1)
    log = score_visits(visits).veto_log()
    row = log.to_frame().iloc[0]
    assert len(log.to_frame()) == 1
    assert (row["visit"], row["item"], row["after"]) == ("V0", "rude", 0)
    per_visit = score_visits(visits).per_visit().iloc[0]
    assert row["total_after"] == pytest.approx(row["total_before"] - 0.5 * row["before"])
    assert row["total_after"] == pytest.approx(per_visit["final"])
    assert (
        log.sentence()
        == f"1 violation in 1 of 60 visits; they took {0.5 * row['before'] / 60:.1f} points from the total on average."
    )
    assert "无粗暴言行" in str(log.in_language("zh"))


@pytest.mark.parametrize(("enquiries", "alert"), [(30, False), (31, True), (29, False)])
def test_rule_14_an_alert_when_enquiries_outnumber_sales_checks(enquiries, alert):
    sales = ["real_purchase", "followed_purchase"] * 30
    balance = score_visits(study(scenario=["enquiry"] * enquiries + sales[: 60 - enquiries])).scenario_balance()
    row = balance.to_frame().iloc[0]
    assert (row["enquiry"], row["sales"]) == (enquiries, 60 - enquiries)
    assert (row["alert"] == "enquiries") is alert
    assert ("Enquiries outnumber" in balance.sentence()) is alert


def test_rule_14_per_tier_too():
    balance = score_visits(study()).scenario_balance(by="tier")
    assert balance.to_frame()["n"].tolist() == [60, 30, 30]
    assert len(balance.alerts) >= 1
    assert balance.in_language("zh").sentence() == "咨询检查多于销售检查：咨询 40 次，销售检查 20 次。"


def test_modes_scenarios_and_agencies_are_never_pooled_in_silence():
    pooled = score_visits(study())
    assert set(pooled.frame["mix"]) == {"mode + scenario"}
    assert "pooled over mode (covert 40, overt 20)" in pooled.note()
    assert "合并了不同的检查方式（暗访 40、明访 20）" in pooled.in_language("zh").note()
    split = score_visits(study(scenario="enquiry"), by="mode")
    assert set(split.frame["mix"]) == {""}
    assert "pooled" not in split.note()


def test_difference_of_modes_with_stores_as_clusters():
    differences = score_visits(study()).differences("mode", parts=("total", "category", "module"))
    row = differences.row("overt", "covert")
    assert row["difference"] == pytest.approx(row["first"] - row["second"])
    assert (row["n_first"], row["n_second"], row["both"]) == (20, 40, 12)
    assert "明访与暗访相差" in differences.in_language("zh").sentence("overt", "covert")
    apart = study(mode=np.repeat(["covert", "overt"], 30))
    assert set(score_visits(apart).differences("mode").frame["reason"]) == {"same stores"}
    with pytest.raises(DataError, match="only one value of 'mode'"):
        score_visits(study(mode="covert")).differences("mode")


# --- weights by store --------------------------------------------------------------------------------------


def test_weights_of_stores_move_the_total_and_nothing_else():
    visits = study(rude=1, charge=1)
    weights = pd.DataFrame({"attitude": 1.0, "advice": 0.0, "pay": 0.0}, index=[f"S{k:02d}" for k in range(12)])
    weighed, plain = score_visits(visits, weights=weights), score_visits(visits)
    assert weighed.row()["score"] == pytest.approx(plain.row("attitude")["score"])
    for name in ("attitude", "advice", "offer"):
        assert weighed.row(name)["score"] == pytest.approx(plain.row(name)["score"])
    with pytest.raises(SpecError, match="1 store without weights: S11"):
        score_visits(visits, weights=weights[:11])
    with pytest.raises(SpecError, match=r"sum to 0\.9"):
        score_visits(visits, weights=0.9 * weights)


# --- stores ------------------------------------------------------------------------------------------------


def test_standings_pull_pass_and_rank():
    standings = score_visits(study(stores=20, each=6)).stores(within="tier", threshold=60)
    frame = standings.to_frame()
    pulled = frame["shrunken"] - (frame["reliability"] * frame["score"] + (1 - frame["reliability"]) * frame["toward"])
    assert pulled.abs().max() < 1.0  # exact for one value of tau, near when it is averaged over
    np.testing.assert_allclose(frame["passing"] + frame["below"], 1)
    assert frame["rank"].mean() == pytest.approx(10.5)
    assert (frame["rank_low"] <= frame["rank"]).all()
    league = standings.league()
    assert league["rank"].is_monotonic_increasing
    assert "P(60 or more)" in standings.to_string()
    assert "达到 60 的概率" in standings.in_language("zh").to_string()
    assert standings.in_language("zh").title() == "各门店的估计：得分，总分"
    known = score_visits(study(stores=20, each=6)).stores(within="tier", between=5.0).to_frame()
    exact = known["reliability"] * known["score"] + (1 - known["reliability"]) * known["toward"]
    np.testing.assert_allclose(known["shrunken"], exact)


def test_standings_say_what_they_cannot():
    few = score_visits(study(stores=3, each=4)).stores(within="tier")
    assert set(few.to_frame()["shrunken_reason"]) == {"few stores"}
    once = score_visits(study(stores=12, each=1)).stores(minimum=2)
    assert set(once.to_frame()["flag"]) == {"floor"}
    assert set(once.to_frame()["reason"]) == {"one answer"}
    with pytest.raises(SpecError, match="measure='nothing' is not known"):
        score_visits(study()).stores(measure="nothing")


def test_standings_of_few_visits_say_that_intervals_leave_the_scale():
    scores = score_visits(study(stores=6, each=2, seed=3))
    standings = scores.stores(threshold=70)
    frame = standings.to_frame()
    out = (frame["low"] < 0) | (frame["high"] > 100)
    assert 1 < out.sum() < len(frame) == np.isfinite(frame["low"]).sum()
    assert f"{out.sum()} of 6 intervals leave the scale of 0 to 100" in standings.note()
    assert f"6 个区间中有 {out.sum()} 个超出 0–100 分" in standings.in_language("zh").note()
    for store, beyond in zip(frame["store"], out, strict=True):
        assert ("an interval that leaves the scale: too few visits" in standings.sentence(store)) == beyond
        assert ("区间超出 0–100 分，访问次数过少" in standings.in_language("zh").sentence(store)) == beyond
    many = score_visits(study(stores=20, each=6)).stores(within="tier")
    inside = many.to_frame()["low"].ge(0) & many.to_frame()["high"].le(100)
    assert ("the scale of 0 to 100" in many.note()) == (not inside.all())


def test_few_stores_that_seem_alike_are_no_proof_that_they_are():
    """Between four stores SD 0 is estimated, yet reliability is not 0: it is a mean over what the SD may be."""
    visits = study(stores=4, each=4, greet=1, receipt=1, charge=1, rude=1, needs=[2.0, 4.0, 6.0, 8.0] * 4)
    standings = score_visits(visits).stores(threshold=70)
    found = standings.differences
    assert (found.tau, found.low) == (0, 0)
    assert standings.to_frame()["reliability"].mean() == pytest.approx(found.reliability)
    assert found.reliability > 0.4
    assert f"so few stores leave τ open up to {found.high:.2f}" in standings.sentence()
    assert "lottery" not in standings.note()
    chinese = standings.in_language("zh").note()
    assert "门店过少" in chinese
    assert "抽签" not in chinese


def test_intervals_of_visits_speak_of_visits():
    visits = study()
    for table in (score_visits(visits).stores(), score_visits(visits, interval=Student()),
                  score_visits(visits, interval=Student()).compliance(),
                  score_visits(visits, interval=Student()).differences("mode")):  # fmt: skip
        assert "Student's t interval: visits independent" in table.note()
        assert "respondents" not in table.note()
        assert "各次访问相互独立" in table.in_language("zh").note()
    once = score_visits(study(stores=12, each=1)).stores()
    assert "one visit: no error can be computed" in once.note()


def test_scores_of_stores_have_one_decimal_throughout():
    standings = score_visits(study(stores=20, each=6)).stores(threshold=60)
    shown = {column.name: column.decimals for column in standings.columns()}
    names = ("score", "low", "high", "toward", "shrunken", "shrunken_low", "shrunken_high")
    assert [shown[name] for name in names] == [1] * 7
    raw = standings.to_frame().iloc[0]
    assert f"CI {raw['low']:.1f} to {raw['high']:.1f}, n = 6" in standings.sentence(raw["store"])


# --- reasons, words, pictures ------------------------------------------------------------------------------


def test_what_cannot_be_given_has_its_reason():
    single = score_visits(study(stores=1, each=4)).row()
    assert single["reason"] == "one cluster"
    scores = study()
    values = score_visits(scores.chosen(np.arange(4)), by="store").row(store="S00")
    visits = score_visits(scores.chosen(np.arange(4))).visits.frame
    total = score_visits(scores.chosen(np.arange(4))).per_visit()["final"]
    assert len(visits) == 4
    low, high = stats.t.interval(0.95, 3, total.mean(), total.std(ddof=1) / 2)
    assert [values["low"], values["high"]] == pytest.approx([low, high])
    alike = score_visits(study(greet=1, rude=1)).row("attitude")
    assert (alike["score"], alike["reason"]) == (100, "no error")
    assert np.isnan(alike["low"])
    item = score_visits(study(greet=1)).row("greet")
    assert item["reason"] == "alike"
    assert 85 < item["low"] < 100 == item["high"]
    one = score_visits(study(stores=12, each=1), by="store").row(store="S03")
    assert one["reason"] == "one answer"
    every = score_visits(study(charge="NA", receipt="NA"))
    assert every.row("pay")["reason"] == "nobody"
    assert every.sentence("pay") == "Payment: no score can be given (no visit in which it was judged)."


def test_words_in_both_languages():
    scores = score_visits(study())
    assert scores.title() == "Scores of visits: Shop visits"
    chinese = scores.in_language("zh")
    assert chinese.row("pay")["label"] == "付款"
    assert chinese.in_language("en").frame["label"].tolist() == scores.frame["label"].tolist()
    assert chinese.sentence("people").startswith("人员：")
    assert "次访问、12 家门店" in chinese.sentence()
    table = scores.compliance(worst_first=True)
    assert table.to_frame()["share"].is_monotonic_increasing
    assert "主动问候" in str(table.in_language("zh"))
    assert table.sentence("greet").startswith("Greets: ")
    assert "付款" in str(scores.coverage().in_language("zh"))
    assert np.allclose(scores.coverage().to_frame().set_index("id").loc[["people", "process"], "weight"], 0.5)


def test_compliance_by_group_counts_its_own_visits():
    visits = study()
    table = score_visits(visits, by="tier").compliance().to_frame().set_index(["tier", "id"])
    own = visits.shares[(visits.frame["tier"] == "core").to_numpy()]
    assert table.loc[("core", "greet"), "met"] == int((own["greet"] == 1).sum())
    assert table.loc[("core", "receipt"), "n"] == int(own["receipt"].notna().sum())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_show_the_table(language):
    scores = score_visits(study()).in_language(language)
    ax = scores.plot(new_axes())
    drawn = {each.get_label(): each for each in ax.collections}
    shown = scores.frame[scores.frame["part"] != "item"]
    struck = shown[shown["lost"] > 1e-9]
    np.testing.assert_allclose(drawn["raw"].get_offsets()[:, 0], struck["raw"])
    grid = score_visits(study(), by="store").in_language(language)
    cells = next(each for each in grid.plot(new_axes(), part="category").collections if each.get_label() == "cells")
    total = grid.frame[grid.frame["part"] == "total"]["score"].sort_values()
    np.testing.assert_allclose(cells.get_array().reshape(12, 3)[:, 0], total)
    pairs = scores.differences("mode").plot(new_axes())
    words = {"en": "overt − covert", "zh": "明访 − 暗访"}[language]
    assert {label.get_text() for label in pairs.get_yticklabels()} == {words}
    assert len(scores.stores(within="tier").plot(new_axes()).get_yticklabels()) == 12


def test_bad_requests_are_refused():
    with pytest.raises(DataError, match="no column 'district'"):
        score_visits(study(), by="district")
    with pytest.raises(SpecError, match="tables have a column of that name"):
        score_visits(study(part="x"), by="part")
    with pytest.raises(SpecError, match="of='both'"):
        score_visits(study(), of="both")
    with pytest.raises(SpecError, match="every visit was discovered"):
        score_visits(study(exposed="yes", mode="covert"))
    with pytest.raises(SpecError, match="there is no row 'smile'"):
        score_visits(study()).row("smile")


def test_the_tick_before_vetoes_lies_on_the_axis():
    frame = pd.DataFrame(
        {"visit": range(6), "store": [*"AABBCC"], "rude": [0] * 6, "greet": [1] * 6, "clean": [0, 1] * 3}
    )
    checklist = Checklist(
        "shop", "1", {"en": "Shop"}, (Category("people", {"en": "People"}, 0.5), Category("place", {"en": "Place"}, 0.5)),
        (Indicator("manner", {"en": "Manner"}, "people", 1.0), Indicator("look", {"en": "Look"}, "place", 1.0)),
        (ChecklistItem("rude", {"en": "Not rude"}, "manner", points=1, veto=True),
         ChecklistItem("greet", {"en": "Greets"}, "manner", points=19), ChecklistItem("clean", {"en": "Clean"}, "look")),
        languages=("en",),
    )  # fmt: skip
    scores = score_visits(read_visits(frame, checklist))
    ax = scores.plot(new_axes())
    drawn = next(each for each in ax.collections if each.get_label() == "raw")
    ticks = np.asarray(drawn.get_offsets())[:, 0]
    low, high = ax.get_xlim()
    assert ticks.max() == 95  # all intervals end at 50 or before
    assert low <= ticks.min() <= ticks.max() <= high


def test_variances_of_visits_are_told_in_the_language_of_the_checklist(tmp_path):
    from servqual.dependability import dependability

    rng = np.random.default_rng(3)
    stores = np.repeat([f"s{k}" for k in range(8)], 6)
    ratings = pd.DataFrame({"store": stores, "inspector": np.tile([*"abc"], 16), "final": rng.normal(70, 5, 48)})
    ratings.attrs["language"] = "zh"
    assert dependability(ratings, score="final", replicates=100).title() == "方差分量：最终得分"
    assert (
        dependability(ratings, score="final", replicates=100, language="en").title() == "Variance components of final"
    )
    assert score_visits(small().in_language("zh")).per_visit().attrs["language"] == "zh"
