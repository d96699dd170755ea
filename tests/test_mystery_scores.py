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
    table = score_visits(small()).per_visit()
    mean = table.groupby("mode")["final"].transform("mean")
    table["influence"] = (table["final"] - mean) / table.groupby("mode")["final"].transform("size")
    by_store = table.pivot_table("influence", "store", "mode", "sum")
    overt = by_store["overt"].fillna(0)
    squares = (by_store["covert"] - overt) ** 2  # 12 stores have been seen covertly, 9 of them overtly as well
    value, se = survey["covert_less_overt"]
    assert 12 / 11 * squares.sum() == pytest.approx(se**2, abs=1e-9)
    both = by_store.dropna()
    lost = ((both**2).sum() * [1 / 12, 1 / 9]).sum() / (both**2).sum().sum()
    parts = np.array([squares.drop(both.index).sum() / (1 - 1 / 12), squares[both.index].sum() / (1 - lost)])
    df = parts.sum() ** 2 / (parts**2 / [3 * (1 - 1 / 12), 9 * (1 - lost)]).sum()
    assert [row["difference"], row["se"] ** 2, row["df"]] == pytest.approx([value, parts.sum(), df], abs=1e-9)
    simple = score_visits(small(), interval=Student()).differences("mode").row("covert", "overt")
    assert [float(simple[name]) for name in ("difference", "low", "high", "df", "p")] == pytest.approx(
        survey["welch"], abs=1e-9
    )


def one_score(stores, mode, points, inspector="I1"):
    """Visits whose total score is given, with whole numbers of points."""
    checklist = Checklist(
        "one", "1", {"en": "One"}, (Category("c", {"en": "All"}, 1.0),), (Indicator("k", {"en": "All"}, "c", 1.0),),
        (ChecklistItem("q", {"en": "Points"}, "k", type="timed", limit=0, zero_at=100),), languages=("en",),
    )  # fmt: skip
    frame = pd.DataFrame({"store": stores, "mode": mode, "inspector": inspector, "q": 100 - np.asarray(points)})
    return read_visits(frame.assign(visit=np.arange(len(frame))), checklist, personal_data="keep")


def test_differences_are_welch_without_and_paired_with_common_stores():
    generator = np.random.default_rng(8)
    points = generator.integers(20, 90, 24)
    kinds = np.repeat(["covert", "overt"], [20, 4])
    apart = score_visits(one_score([f"S{k}" for k in range(24)], kinds, points))
    row = apart.differences("mode", parts=("total",)).row("covert", "overt")
    welch = stats.ttest_ind(points[:20], points[20:], equal_var=False)
    assert [row["df"], row["p"]] == pytest.approx([welch.df, welch.pvalue], abs=1e-9)
    assert [row["low"], row["high"]] == pytest.approx(list(welch.confidence_interval()), abs=1e-9)
    together = score_visits(one_score([f"S{k % 12}" for k in range(24)], np.repeat(["covert", "overt"], 12), points))
    row = together.differences("mode", parts=("total",)).row("covert", "overt")
    paired = stats.ttest_rel(points[:12], points[12:])
    assert [row["df"], row["p"]] == pytest.approx([11, paired.pvalue], abs=1e-9)


def test_few_stores_on_one_side_say_little_and_fewer_than_three_nothing():
    """Nine overt visits to three of thirty stores, each with a level of its own for either kind."""
    generator, held = np.random.default_rng(5), 0
    store = np.concatenate([np.tile(np.arange(30), 2), np.repeat(np.arange(3), 3)])
    overt = np.repeat([0, 1], [60, 9])
    stores, kinds = [f"S{k}" for k in store], np.where(overt == 1, "overt", "covert")
    for _ in range(100):
        level = generator.normal(60, 10, (2, 30))[overt, store]
        points = np.clip(level + generator.normal(0, 5, 69), 0, 100).round()
        row = score_visits(one_score(stores, kinds, points)).differences("mode", parts=("total",)).frame.iloc[0]
        held += int(row["low"] <= 0 <= row["high"])
    assert held >= 85  # 91% of 400 studies, less two errors; with the degrees of freedom of all stores 81%, and 81 here
    few = score_visits(one_score(stores[:66], kinds[:66], points[:66])).differences("mode", parts=("total",))
    assert few.frame["reason"].tolist() == ["few stores"]
    assert "severity()" not in few.note()
    assert few.frame[["se", "low", "high", "df", "p"]].isna().all(axis=None)
    assert "fewer than 3 stores on one side" in few.sentence()
    assert "一方门店不足 3 家" in few.in_language("zh").sentence()


def test_one_inspector_on_a_side_cannot_be_told_from_the_kind_of_visit():
    generator = np.random.default_rng(6)
    kinds = np.repeat(["covert", "overt"], 20)
    who = np.where(kinds == "overt", "I9", [f"I{k % 5}" for k in range(40)])
    scores = score_visits(
        one_score([f"S{k % 20}" for k in range(40)], kinds, generator.integers(20, 90, 40), inspector=who)
    )
    row = scores.differences("mode", parts=("total",)).frame.iloc[0]
    assert (row["reason"], np.isnan(row["low"])) == ("one inspector", True)
    these = scores.differences("mode", parts=("total",), inspectors="these").frame.iloc[0]
    assert (these["reason"], these["df"]) == ("", pytest.approx(19))
    assert "severity() holds each against the average" in scores.differences("inspector").note()
    assert "severity() 将每人与平均水平比较" in scores.differences("inspector").in_language("zh").note()


def test_stores_that_agree_by_chance_were_not_all_visited():
    scores = score_visits(one_score(np.repeat(list("ABCDEF"), 2), "covert", [20, 80] * 6))
    row = scores.row("total")
    assert (row["score"], row["reason"]) == (50, "clusters alike")
    assert np.isnan(row["low"])
    assert "stores alike by chance" in scores.sentence()
    assert "各门店结果恰好相同" in scores.in_language("zh").sentence()


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
    assert differences.sentence() == differences.sentence(*differences.frame.iloc[0][["mode", "against"]])
    three = score_visits(study(agency=["a", "b", "c"] * 20)).differences("agency")
    with pytest.raises(
        SpecError, match=r"3 pairs are compared; name one: sentence\(first, second\), from \('a', 'b'\)"
    ):
        three.sentence()
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
    scores = score_visits(study(stores=6, each=6, seed=3))
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


def test_two_visits_have_no_interval_and_pulled_ones_stay_on_the_scale():
    scores = score_visits(
        one_score(np.repeat(list("ABCDEF"), 2), "covert", [99, 70, 98, 99, 97, 80, 60, 98, 99, 70, 75, 70])
    )
    standings = scores.stores()
    frame = standings.frame
    assert frame[["low", "high"]].isna().all(axis=None)
    assert set(frame["reason"]) == {"one df"}
    assert frame["se"].to_numpy() == pytest.approx([14.5, 0.5, 8.5, 19, 14.5, 2.5])  # half the distance of two visits
    assert "two visits: an interval would say nothing" in standings.note()
    assert "仅两次访问，区间没有意义" in standings.in_language("zh").sentence("A")
    assert frame["shrunken_high"].max() == 100
    assert f"cut at 0 and 100 ({(frame['shrunken_high'] == 100).sum()} of 6)" in standings.note()
    alone = score_visits(one_score(["A", "A"], "covert", [90, 40]))
    assert alone.row()["reason"] == "one df"
    assert "自由度仅为 1" in alone.in_language("zh").sentence()
    wide = score_visits(one_score(list("ABC"), "covert", [95, 60, 99]))
    assert wide.sentence().endswith("3 stores), an interval that leaves the scale: too few visits.")
    assert wide.in_language("zh").sentence().endswith("3 家门店），区间超出 0–100 分，访问次数过少。")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(0.7, "Write 70 for 70%"), (1, "one point of 100"), ("70%", "must be a number of points from 0 to 100"), (-5, "from 0 to 100"),
     (101, "from 0 to 100"), (True, "from 0 to 100"), (float("nan"), "from 0 to 100")],
)  # fmt: skip
def test_a_threshold_is_a_number_of_points(wrong, said):
    with pytest.raises(SpecError, match=said):
        score_visits(study()).stores(threshold=wrong)


def test_stores_without_an_interval_say_why():
    perfect = score_visits(one_score(np.repeat(list("ABCD"), 4), "covert", [100] * 16)).stores()
    assert set(perfect.frame["reason"]) == {"no error"}
    assert perfect.sentence("A") == (
        "Store A: score 100.0 (all visits alike: no error can be computed, n = 4); not pulled (visits to a store do not vary: "
        "nothing to pull)."
    )
    assert "各次访问结果相同，无法计算误差" in perfect.in_language("zh").sentence("A")
    single = score_visits(one_score(list("ABCDE"), "covert", [90, 40, 60, 27, 81])).stores()
    assert set(single.frame["shrunken_reason"]) == {"single"}
    assert "one visit a store: how visits to a store vary cannot be seen" in single.note()
    assert "每店仅一次访问" in single.in_language("zh").sentence("A")


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


def test_without_a_name_the_item_met_least_is_told():
    table = score_visits(study(), by="tier").compliance()
    own = table.frame[table.frame["tier"] == "core"]
    assert table.sentence(tier="core") == table.sentence(own.loc[own["share"].idxmin(), "id"], tier="core")
    with pytest.raises(SpecError, match="name one value for each of tier"):
        table.sentence()


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
    rows = grid.frame[grid.frame["part"] == "total"]
    half = (rows["high"] - rows["low"]).dropna() / 2
    said = "".join("".join(text.get_text().split()) for text in grid.plot(new_axes()).texts)
    reach = (f"{half.min():.1f}", f"{half.max():.1f}", f"{half.median():.1f}")
    assert {"en": "reach{}to{}pointstoeitherside(median{})", "zh": "向两侧各延伸{}至{}分（中位数{}）"}[language].format(
        *reach
    ) in said
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


# --- what was left blank, and visits that rest on little ----------------------------------------------------


def shop_of_five():
    """Cleanliness (0.2): floor 2, desk 1; signs (0.2): light; welcome (0.6): hello 3, rude 2."""
    indicators = (
        Indicator("clean", {"en": "Clean"}, "env", 0.5), Indicator("sign", {"en": "Signs"}, "env", 0.5),
        Indicator("greet", {"en": "Welcome"}, "svc", 1.0),
    )  # fmt: skip
    items = [
        ("floor", "clean", 2),
        ("desk", "clean", 1),
        ("light", "sign", 1),
        ("hello", "greet", 3),
        ("rude", "greet", 2),
    ]
    return Checklist(
        "five", "1", {"en": "Five"}, (Category("env", {"en": "Place"}, 0.4), Category("svc", {"en": "Service"}, 0.6)),
        indicators, tuple(ChecklistItem(name, {"en": name}, of, points=points) for name, of, points in items),
        languages=("en",),
    )  # fmt: skip


def thin_visits():
    """Eight visits: two with a blank indicator, one with an indicator that doesn't apply, one half of each, one of one item."""
    whole = {"floor": 1, "desk": 0, "light": 1, "hello": 1, "rude": 0}
    changes = [{"floor": None, "desk": None}] * 2 + [
        {"floor": "NA", "desk": "NA"}, {"floor": "NA", "desk": None}, dict.fromkeys(["floor", "desk", "light", "rude"]),
        {}, {}, {},
    ]  # fmt: skip
    rows = [
        {"visit": f"v{k}", "store": "ABCD"[k // 2], "mode": "covert", **whole, **each} for k, each in enumerate(changes)
    ]
    return read_visits(pd.DataFrame(rows).astype(object), shop_of_five())


def test_blank_is_not_called_not_applicable_at_indicators_and_categories():
    """By hand: of 8 visits the indicator has a score in 3, was not applicable in 1 and was left blank in 4."""
    scores = score_visits(thin_visits())
    counted = scores.to_frame().set_index("id")[["n", "n_na", "n_missing"]]
    assert counted.loc["clean"].tolist() == [3, 1, 4]
    assert counted.loc["floor"].tolist() == [3, 2, 3]
    assert counted.loc["env"].tolist() == [7, 0, 1]
    assert counted.loc["sign"].tolist() == [7, 0, 1]
    assert counted.loc["greet"].tolist() == [8, 0, 0]
    assert (counted.sum(axis=1) == 8).all()
    assert "left blank" in str(scores)
    assert "未作答" in str(scores.in_language("zh"))
    assert "left blank" not in str(score_visits(study()))  # nothing was


def test_a_least_coverage_can_be_asked_for():
    """v4 has hello alone: 3 of the 5 points of 0.6 of the weight, coverage 0.36, and scores 100."""
    visits = thin_visits()
    scores = score_visits(visits)
    per_visit = scores.per_visit().set_index("visit")
    assert per_visit.loc["v4", ["coverage", "final"]].tolist() == pytest.approx([0.36, 100])
    said = "1 of 8 visits rests on less than half of the weight"
    assert said in scores.note()
    assert "8 次访问中有 1 次的得分所依据的权重不足一半" in scores.in_language("zh").note()
    asked = score_visits(visits, minimum=0.5)
    assert (asked.visits.n, asked.ledger.count("below minimum"), asked.ledger.count("scored")) == (7, 1, 7)
    assert asked.ledger.adds_up()
    assert "and 1 of which too little was judged left out" in asked.note()
    assert "另有 1 次判定过少，未计分" in asked.in_language("zh").note()
    assert said not in asked.note()
    rest = per_visit.drop(index="v4")["final"]
    assert asked.row()["score"] == pytest.approx(rest.mean())
    weights = pd.DataFrame({"clean": 0.2, "sign": 0.2, "greet": 0.6}, index=[*"ABCD"])
    assert score_visits(visits, minimum=0.5, weights=weights).row()["score"] == pytest.approx(rest.mean())
    assert score_visits(visits, minimum=0.8).visits.n == 7  # 0.8 of the weight is 0.8, in spite of its sum


@pytest.mark.parametrize("minimum", [50, -0.1, "half", True, None, float("nan")])
def test_a_least_coverage_is_a_share(minimum):
    with pytest.raises(SpecError, match=r"is not a share from 0 to 1: 0\.5 asks for half of the weight"):
        score_visits(thin_visits(), minimum=minimum)


def test_a_least_coverage_that_no_visit_has_is_refused():
    half = read_visits(pd.DataFrame({"visit": ["v1"], "store": ["A"], "floor": ["NA"], "desk": ["NA"], "light": ["NA"],
                                     "hello": [1], "rude": [1]}), shop_of_five())  # fmt: skip
    with pytest.raises(SpecError, match="in no visit 90% of the weight was applicable"):
        score_visits(half, minimum=0.9)
