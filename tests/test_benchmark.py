"""Competitors, their moves, and benchmark stores.

Authorities: R's survey on the made-up visits of mystery.R (reference/benchmark.R), scipy's Welch test, F and chi-squared
distributions, normal integrals, and simulated markets whose truth is known. Identities hold for any visits.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual.benchmark import compare_competitors
from servqual.best_stores import among_best, benchmark_stores, excess_spread, variance_interval
from servqual.inference import Student
from servqual.moves import before_and_after
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
from servqual.mystery.points import Answers
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import read_visits
from servqual.plots import new_axes
from survey_design.errors import DataError, SpecError

REFERENCE = Path(__file__).parent / "reference"
SPEED = Indicator("speed", {"en": "Speed", "zh": "速度"}, "process", 0.5, ("efficiency",))
CHECKLIST = Checklist(
    "market", "1", {"en": "Market", "zh": "市场"},
    (Category("people", {"en": "People", "zh": "人员"}, 0.6), Category("process", {"en": "Process", "zh": "流程"}, 0.4)),
    (Indicator("smile", {"en": "Smile", "zh": "微笑"}, "people", 1.0), SPEED,
     Indicator("care", {"en": "Care", "zh": "关怀"}, "process", 0.5, ("efficiency",))),
    tuple(ChecklistItem(f"{name}_1", {"en": name, "zh": name}, name, "counted", target=1000) for name in ("smile", "speed", "care")),
    languages=("en", "zh"),
)  # fmt: skip
ITEMS = ["smile_1", "speed_1", "care_1"]


def market(rng, tiers, visits=4, mean=70.0, between=4.0, within=6.0, company=None, **columns):
    """Visits of a company: tiers as name -> (stores, shift); scores around the mean, in tenths of points."""
    rows = []
    for tier, (stores, shift) in tiers.items():
        for k in range(stores):
            own = mean + shift + rng.normal(0, between)
            for _ in range(visits):
                scores = np.clip(np.round(10 * (own + rng.normal(0, within, 3))), 0, 1000).astype(int)
                rows.append({"store": f"{tier}{k}", "tier": tier, **dict(zip(ITEMS, scores, strict=True))})
    frame = pd.DataFrame(rows).assign(**columns)
    return frame if company is None else frame.assign(company=company)


def read(frame, checklist=CHECKLIST):
    frame = frame.assign(
        visit=[f"{frame['company'].iloc[0] if 'company' in frame else 'own'}{k}" for k in range(len(frame))]
    )
    return read_visits(frame, checklist)


@pytest.fixture(scope="module")
def two():
    rng = np.random.default_rng(4)
    own = market(rng, {"core": (8, 5), "small": (6, -5)}, mean=75)
    rival = market(rng, {"core": (5, 5), "small": (9, -5), "mobile": (3, -20)}, company="Rival")
    return read(own), read(rival)


# --- rule 12: competitors only with the same instrument and the same tier ----------------------------------


@pytest.mark.parametrize(("changed", "words"), [
    (replace(CHECKLIST, version="2"), "the versions differ"),
    (replace(CHECKLIST, id="other"), "the ids differ"),
    (replace(CHECKLIST, categories=(replace(CHECKLIST.categories[0], weight=0.5), replace(CHECKLIST.categories[1], weight=0.5))),
     "the weights differ"),
    (replace(CHECKLIST, items=(*CHECKLIST.items[:2], replace(CHECKLIST.items[2], target=500))), "care_1"),
    (replace(CHECKLIST, rebase="within"), "the rule for what doesn't apply"),
])  # fmt: skip
def test_rule_12_competitors_only_with_the_same_instrument(two, changed, words):
    rival = market(np.random.default_rng(1), {"core": (3, 0)}, company="Rival")
    with pytest.raises(SpecError, match="same instrument") as caught:
        compare_competitors(two[0], read(rival, changed))
    assert words in str(caught.value)


def test_rule_12_competitors_only_in_the_same_tier(two):
    own, rival = two
    with pytest.raises(SpecError, match=r"no tier has 2 stores on both sides.*Rival: mobile 3"):
        compare_competitors(own, rival.chosen((rival.frame["tier"] == "mobile").to_numpy()))
    with pytest.raises(SpecError, match="no column 'tier'"):
        compare_competitors(own, replace(rival, frame=rival.frame.drop(columns="tier")))
    table = compare_competitors(own, rival)
    assert "not compared, with fewer than 2 stores on a side: mobile" in table.note()
    without = compare_competitors(own, rival.chosen((rival.frame["tier"] != "mobile").to_numpy()))
    np.testing.assert_allclose(table.frame["difference"], without.frame["difference"], rtol=1e-12)


def test_order_and_words_of_the_checklist_do_not_count(two):
    own, rival = two
    turned = replace(
        CHECKLIST,
        items=CHECKLIST.items[::-1],
        indicators=CHECKLIST.indicators[::-1],
        categories=CHECKLIST.categories[::-1],
    )
    again = read_visits(rival.frame[["visit", "store", "tier", "company"]].assign(
        **{name: np.round(1000 * rival.shares[name]).astype(int) for name in ITEMS}), turned)  # fmt: skip
    one, other = compare_competitors(own, rival), compare_competitors(own, again)
    np.testing.assert_allclose(one.frame["difference"], other.frame["difference"], rtol=1e-10)


# --- numbers -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def halves():
    checklist = Checklist(
        "small", "1", {"en": "Small"}, (Category("all", {"en": "All"}, 1.0),),
        (Indicator("first", {"en": "First"}, "all", 0.6), Indicator("second", {"en": "Second"}, "all", 0.4)),
        (ChecklistItem("a", {"en": "a"}, "first", points=3, veto=True), ChecklistItem("b", {"en": "b"}, "first", points=2),
         ChecklistItem("c", {"en": "c"}, "first"), ChecklistItem("d", {"en": "d"}, "second"),
         ChecklistItem("e", {"en": "e"}, "second")),
        languages=("en",),
    )  # fmt: skip
    frame = pd.read_csv(REFERENCE / "mystery_visits.csv", dtype=str, keep_default_na=False)
    odd = frame["store"].str[1:].astype(int) % 2 == 1
    return read_visits(frame[odd], checklist), read_visits(frame[~odd].assign(company="Rival"), checklist)


@pytest.mark.parametrize("mix", ["own", "equal"])
def test_difference_as_in_r_survey(halves, mix):
    expected = tomllib.loads((REFERENCE / "benchmark.toml").read_text(encoding="utf-8"))[f"{mix}_mix"]
    row = compare_competitors(*halves, parts=["total"], alike=(), mix=mix).row("Rival")
    names = ["own", "competitor", "difference", "se"]
    np.testing.assert_allclose(row[names].astype(float), expected[:4], rtol=1e-9)
    # R takes stores − tiers of each side as one number; here every tier counts by itself, at most as its stores would
    assert row["df"] < expected[6]
    assert row["df"] == pytest.approx(freedom_by_hand(halves, mix), rel=1e-9)
    half = stats.t.ppf(0.975, row["df"]) * row["se"]
    np.testing.assert_allclose(
        row[["low", "high"]].astype(float), row["difference"] + half * np.array([-1, 1]), rtol=1e-9
    )
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["difference"] / row["se"]), row["df"]))


def freedom_by_hand(halves, mix):
    """Satterthwaite over the tiers of a side, then over the two sides."""
    own = score_visits(halves[0]).per_visit()
    weight = own.groupby("tier").size() / len(own)
    weight = weight * 0 + 1 / len(weight) if mix == "equal" else weight
    top, below = 0.0, 0.0
    for visits in halves:
        scored, parts = score_visits(visits).per_visit(), []
        for tier, rows in scored.groupby("tier"):
            stores = ((rows["final"] - rows["final"].mean()) / len(rows)).groupby(rows["store"]).sum()
            k = len(stores)
            parts.append((weight[tier] ** 2 * k / (k - 1) * (stores**2).sum(), k - 1, weight[tier] ** 2 / k))
        v, f, a = np.array(parts).T
        df = min(v.sum() ** 2 / (v**2 / (f + 2)).sum() - 2, a.sum() ** 2 / (a**2 / f).sum())
        top, below = top + v.sum(), below + v.sum() ** 2 / df
    return top**2 / below


def test_one_tier_and_one_visit_a_store_is_welch():
    rng = np.random.default_rng(2)
    own, rival = (market(rng, {"core": (k, 0)}, visits=1, company=name) for k, name in ((9, None), (6, "Rival")))
    row = compare_competitors(read(own), read(rival)).row("Rival", "smile")
    welch = stats.ttest_ind(own["smile_1"] / 10, rival["smile_1"] / 10, equal_var=False)
    assert row["df"] == pytest.approx(welch.df, rel=1e-9)
    np.testing.assert_allclose(
        row[["p", "low", "high"]].astype(float), [welch.pvalue, *welch.confidence_interval()], rtol=1e-8
    )
    plain = compare_competitors(read(own), read(rival), interval=Student()).row("Rival", "smile")
    assert plain["se"] == pytest.approx(row["se"], rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_comparing_with_itself_gives_zero_and_turning_round_the_opposite(seed):
    rng = np.random.default_rng(seed)
    frame = market(rng, {"core": (4, 0), "small": (3, -9)}, visits=3)
    frame.loc[rng.random(len(frame)) < 0.2, "care_1"] = -8
    checklist = replace(CHECKLIST, not_applicable=("-8",))
    own, same = read(frame, checklist), read(frame.assign(company="Mirror"), checklist)
    table = compare_competitors(own, same, parts=["total", "category", "indicator"])
    np.testing.assert_allclose(table.frame["difference"], 0, atol=1e-10)
    np.testing.assert_allclose(table.frame["p"], 1)
    assert set(compare_competitors(own, same).ranks().frame["rank_high"]) == {2}
    other = read(market(rng, {"core": (5, 3), "small": (4, 2)}, company="Rival"), checklist)
    there, back = compare_competitors(own, other, mix="equal"), compare_competitors(other, read(frame.assign(company="us"), checklist),
                                                                                   mix="equal")  # fmt: skip
    np.testing.assert_allclose(there.frame["difference"], -back.frame["difference"], atol=1e-9)


def test_own_average_is_that_of_own_visits_where_all_tiers_are_compared(two):
    own, rival = two
    table, scores = compare_competitors(own, rival, parts=["total", "category", "indicator"]), score_visits(own)
    for row in table.frame.to_dict("records"):
        assert row["own"] == pytest.approx(scores.row(row["id"], row["part"])["score"], rel=1e-12)


def test_average_is_the_stated_mean_of_the_differences_within_tiers(two):
    mix = {"core": 3, "small": 1}
    table = compare_competitors(*two, mix=mix)
    cells = table.cells[table.cells["used"]]
    assert set(cells["tier"]) == {"core", "small"}
    whole = (cells["weight"] * cells["difference"]).groupby([cells["part"], cells["id"]], sort=False).sum()
    np.testing.assert_allclose(whole, table.frame["difference"], rtol=1e-10)
    assert set(cells["weight"].round(12)) == {0.75, 0.25}
    variance = (cells["weight"] ** 2 * cells["se"] ** 2).groupby([cells["part"], cells["id"]], sort=False).sum()
    np.testing.assert_allclose(np.sqrt(variance), table.frame["se"], rtol=1e-9)
    with pytest.raises(SpecError, match="no weight for the tier 'small'"):
        compare_competitors(*two, mix={"core": 1})


def test_tier_mix_alone_makes_no_difference():
    """The competitor is as good in every tier, and has more of the good tier: no difference but in the plain means."""
    frame = market(np.random.default_rng(8), {"core": (6, 15), "small": (6, -15)}, between=0.5, within=0.5)
    rival = pd.concat([frame[frame["tier"] == "core"], frame[frame["tier"] == "small"].head(8)]).assign(company="Rival")
    table = compare_competitors(read(frame), read(rival))
    plain = score_visits(read(frame)).row()["score"] - score_visits(read(rival)).row()["score"]
    assert plain < -5
    assert abs(table.row("Rival")["difference"]) < 0.5


def test_announced_visits_are_not_held_against_covert_ones():
    rng = np.random.default_rng(3)
    covert = market(rng, {"core": (6, 0)}, mode="covert")
    overt = market(rng, {"core": (6, 20)}, mode="overt")
    rival = read(market(rng, {"core": (6, 0)}, company="Rival", mode="covert"))
    alone = compare_competitors(read(covert), rival)
    mixed = compare_competitors(read(pd.concat([covert, overt], ignore_index=True)), rival)
    np.testing.assert_allclose(mixed.frame["difference"], alone.frame["difference"], rtol=1e-10)
    assert "core overt" in mixed.note()
    assert mixed.frame["n_own"].max() == 24
    assert "own 24 visits to 6 stores (24 more without counterpart), Rival 24 visits to 6 stores; " in mixed.note()
    assert "24 次访问、6 家门店（另有 24 次无可比对象）" in mixed.in_language("zh").note()
    assert "without counterpart" not in alone.note()
    assert mixed.sentence() == mixed.sentence("Rival")
    pooled = compare_competitors(read(pd.concat([covert, overt], ignore_index=True)), rival, alike=())
    assert pooled.row("Rival")["difference"] > alone.row("Rival")["difference"] + 5
    assert "pooled over mode (own covert 24, overt 24; Rival covert 24)" in pooled.note()
    unsaid = covert.assign(mode=["covert"] * 20 + [None] * 4)
    said = compare_competitors(read(unsaid), rival)
    assert said.row("Rival")["n_own"] == 20
    assert "discovered or without tier or mode: own 4" in said.note()
    assert "未计入的访问（被识破或未注明门店层级或检查方式）：本公司 4" in said.in_language("zh").note()
    with pytest.raises(SpecError, match="do not say their mode"):
        compare_competitors(read(covert), read(market(rng, {"core": (6, 0)}, company="Rival")))


def test_an_indicator_that_a_tier_lacks_is_compared_in_the_others():
    checklist, rng = replace(CHECKLIST, not_applicable=("-8",)), np.random.default_rng(14)
    frame, theirs = (
        market(rng, {"core": (6, 0), "small": (4, -9)}),
        market(rng, {"core": (5, 0), "small": (5, 9)}, company="Rival"),
    )
    theirs.loc[theirs["tier"] == "small", "care_1"] = -8
    own, rival = read(frame, checklist), read(theirs, checklist)
    whole = compare_competitors(own, rival).row("Rival", "care")
    core = [each.chosen((each.frame["tier"] == "core").to_numpy()) for each in (own, rival)]
    alone = compare_competitors(*core).row("Rival", "care")
    names = ["difference", "se", "df", "n_own", "n_competitor", "stores_own", "stores_competitor", "cells"]
    np.testing.assert_allclose(whole[names].astype(float), alone[names].astype(float), rtol=1e-10)
    theirs["care_1"] = -8
    never = compare_competitors(own, read(theirs, checklist))
    assert never.row("Rival", "care")["reason"] == "not compared"
    assert "judged on both sides in no tier alike" in never.sentence("Rival", "care")
    assert np.isfinite(never.row("Rival", "speed")["low"])


def test_p_is_adjusted_over_all_rows(two):
    own, rival = two
    third = read(market(np.random.default_rng(6), {"core": (4, 3), "small": (3, -3)}, company="Third"))
    table = compare_competitors(own, [rival, third], adjust="bonferroni")
    assert len(table.frame) == 8
    np.testing.assert_allclose(table.frame["p_adjusted"], np.minimum(8 * table.frame["p"], 1))


def drawn_again(visits, rng, tiers, mean, between=4.0, within=6.0):
    """The same visits with other answers: stores around their tier's mean, visits around their store's."""
    stores = visits.frame["store"].unique()
    truth = dict(zip(stores, rng.normal(0, between, len(stores)), strict=True))
    centre = mean + visits.frame["tier"].map(tiers) + visits.frame["store"].map(truth)
    shares = np.round(10 * (centre.to_numpy()[:, None] + rng.normal(0, within, (visits.n, 3)))) / 1000
    return replace(visits, answers=Answers.of(np.clip(shares, 0, 1)))


def test_coverage_and_ranks_of_a_simulated_market():
    """Known truth: own leads by 4 in every tier. Intervals cover it, and all ranks hold together often enough."""
    rng, covered, right, shifts = np.random.default_rng(11), [], [], {"core": 10, "small": 0}
    own = read(market(rng, {"core": (8, 0), "small": (6, 0)}, visits=3))
    rivals = [read(market(rng, {"core": (5, 0), "small": (8, 0)}, visits=2, company=name)) for name in ("A", "B")]
    for _ in range(100):
        drawn = [drawn_again(rival, rng, shifts, 60) for rival in rivals]
        table = compare_competitors(drawn_again(own, rng, shifts, 64), drawn, parts=["total"])
        covered += list((table.frame["low"] < 4) & (table.frame["high"] > 4))
        ranks = table.ranks().frame.set_index("company")
        right.append(ranks.loc["own", "rank_low"] == 1 and (ranks.loc[["A", "B"], "rank_high"] >= 2).all())
    assert stats.binomtest(int(np.sum(covered)), 200, 0.95).pvalue > 0.001
    assert np.mean(right) > 0.95


def test_ranks_are_open_or_settled():
    rng = np.random.default_rng(5)
    companies = {name: market(rng, {"core": (10, 0)}, mean=mean, between=2, within=2, company=name)
                 for name, mean in (("A", 50), ("B", 50.5), ("C", 90))}  # fmt: skip
    table = compare_competitors(read(companies["C"]), [read(companies["A"]), read(companies["B"])])
    ranks = table.ranks(part="total").frame.set_index("company")
    assert ranks.loc["C", ["rank", "rank_low", "rank_high"]].tolist() == [1, 1, 1]
    assert ranks.loc[["A", "B"], ["rank_low", "rank_high"]].to_numpy().tolist() == [[2, 3], [2, 3]]
    assert "C 1" in table.ranks().sentence()
    assert "2–3" in table.in_language("zh").ranks().sentence()


def test_one_store_in_a_tier_gives_no_interval(two):
    own, _ = two
    rival = read(market(np.random.default_rng(1), {"core": (1, 0)}, company="Rival"))
    with pytest.raises(SpecError, match="lower minimum="):
        compare_competitors(own, rival)
    table = compare_competitors(own, rival, minimum=1)
    assert set(table.frame["reason"]) == {"one store"}
    assert table.frame["low"].isna().all()
    assert np.isfinite(table.frame["difference"]).all()
    assert "how its stores differ cannot be seen" in table.sentence("Rival")
    assert "无法得知" in table.in_language("zh").sentence("Rival")


def test_bad_input_says_what_to_do(two):
    own, rival = two
    with pytest.raises(DataError, match="no column 'company'"):
        compare_competitors(own, own)
    frame = rival.frame.assign(company=rival.frame["company"].where(rival.frame.index > 2))
    with pytest.raises(DataError, match="name no company"):
        compare_competitors(own, replace(rival, frame=frame))
    with pytest.raises(SpecError, match="Name them apart"):
        compare_competitors(replace(own, frame=own.frame.assign(company="Rival")), rival)
    with pytest.raises(SpecError, match="several companies"):
        compare_competitors(replace(own, frame=own.frame.assign(company=["a", "b"] * (own.n // 2))), rival)
    with pytest.raises(DataError, match="more than one 'tier'"):
        compare_competitors(own, replace(rival, frame=rival.frame.assign(tier=["core", "small"] * (rival.n // 2))))
    for wrong in ({"within": "store"}, {"alike": ["company"]}, {"parts": ["item"]}, {"mix": "mine"}, {"mix": {"core": -1}}, {"minimum": 0}, {"level": 95}, {"adjust": "hulm"},
                  {"parts": ["module"]}):  # fmt: skip
        with pytest.raises(SpecError):
            compare_competitors(own, rival, **wrong)
    with pytest.raises(SpecError, match="Companies: Rival"):
        compare_competitors(own, rival).row("Nobody")


def test_different_times_are_said(two):
    early = read(market(np.random.default_rng(1), {"core": (3, 0)}, date="2026-01-10"))
    late = read(market(np.random.default_rng(1), {"core": (3, 0)}, date="2026-06-10", company="Rival"))
    assert "visited at different times" in compare_competitors(early, late).note()


def test_both_languages(two):
    table = compare_competitors(*two)
    zh = table.in_language("zh")
    assert zh.title() == "与竞争对手的得分差异：本公司 − 对手"
    assert "Holm 法" in zh.note()
    assert "的比较在同一门店层级内进行" in zh.note()
    assert "本公司与 Rival 相差" in zh.sentence("Rival", "smile")
    assert zh.sentence("Rival", "smile").startswith("微笑")
    assert "微笑" in str(zh)
    assert "Smile" in str(zh.in_language("en"))
    for text in (zh.note(), zh.ranks().note()):
        assert ", " not in text
        assert "; " not in text.replace("Taylor; ", "")


# --- moves -------------------------------------------------------------------------------------------------


def dated(rng, changes, company=None, stores=10, **options):
    """Two visits a store before 2026-04-01 and two after, those after shifted by the changes of the items."""
    parts = []
    base = market(rng, {"core": (stores, 0)}, visits=4, company=company, within=1.0, **options)
    base["date"] = np.tile(["2026-02-10", "2026-03-20", "2026-04-05", "2026-05-20"], stores)
    for name, change in changes.items():
        base.loc[base["date"] > "2026-04-01", name] += 10 * change
    parts.append(base)
    return pd.concat(parts)


@pytest.fixture(scope="module")
def years():
    rng = np.random.default_rng(12)
    return read(dated(rng, {"smile_1": 3})), read(dated(rng, {"speed_1": 12}, company="Rival"))


def test_moves_stand_beside_scores_before_and_after(years):
    moves = pd.DataFrame({
        "company": ["Rival", "own", "Rival"], "date": ["2026-04-01", "2026-04-01", "2026-03-01"],
        "what": ["self-service tills", "smile week", "new slogan"], "theme": ["efficiency", None, None],
        "indicator": [None, "smile", None],
    })  # fmt: skip
    table = before_and_after(*years, moves)
    frame = table.frame
    assert frame["id"].tolist() == ["total", "speed", "care", "smile"]
    speed = frame[frame["id"] == "speed"].iloc[0]
    assert speed["low"] < 12 < speed["high"]
    assert speed["se"] < 1
    assert abs(speed["own_change"]) < 2
    own = frame[frame["id"] == "smile"].iloc[0]
    assert own["low"] < 3 < own["high"]
    assert np.isnan(own["own_change"])
    assert "not cause and effect" in table.sentence(1)
    assert "不作因果推断" in table.in_language("zh").sentence(1)
    assert "同期还有其他变化" in table.in_language("zh").note()


def test_change_of_the_same_stores_is_a_paired_test(years):
    _, rival = years
    move = pd.DataFrame({"company": ["Rival"], "date": ["2026-04-01"], "what": ["x"], "indicator": ["speed"]})
    row = before_and_after(*years, move).frame.iloc[0]
    scores = pd.DataFrame({"store": rival.frame["store"], "late": rival.frame["date"] >= "2026-04-01",
                           "y": 100 * rival.shares["speed_1"]})  # fmt: skip
    means = scores.pivot_table(index="store", columns="late", values="y")
    paired = stats.ttest_rel(means[True], means[False])
    assert row["change"] == pytest.approx((means[True] - means[False]).mean(), rel=1e-10)
    assert row["df"] == paired.df
    np.testing.assert_allclose(row[["low", "high"]].astype(float), paired.confidence_interval(), rtol=1e-8)
    short = before_and_after(*years, move, days=15).frame.iloc[0]
    assert (short["n_before"], short["n_after"]) == (10, 10)


def test_the_days_around_a_move_are_as_stated(years):
    move = pd.DataFrame({"company": ["Rival"], "date": ["2026-04-05"], "what": ["x"]})
    row = before_and_after(*years, move, days=16).frame.iloc[
        0
    ]  # 20 March is 16 days before; the day itself comes after
    assert (row["n_before"], row["n_after"]) == (10, 10)
    assert before_and_after(*years, move, days=15).frame["reason"].tolist() == ["no visits"]
    assert before_and_after(*years, move, days=45).frame["n_after"].tolist() == [10]  # 20 May is 45 days after
    assert before_and_after(*years, move, days=46).frame["n_after"].tolist() == [20]


def test_a_move_without_visits_around_it_says_so(years):
    move = pd.DataFrame({"company": ["Rival"], "date": ["2020-01-01"], "what": ["old"]})
    table = before_and_after(*years, move)
    assert table.frame["reason"].tolist() == ["no visits"]
    assert "no visits alike before and after" in table.sentence()


def test_faults_of_the_log_are_named_together(years):
    moves = pd.DataFrame({"company": ["Nobody", "Rival", "Rival"], "date": ["2026-04-01", "soon", "2026-04-01"],
                          "what": ["a", "b", ""], "indicator": ["smile", "frown", None], "theme": [None, None, "magic"]})  # fmt: skip
    with pytest.raises(DataError) as caught:
        before_and_after(*years, moves)
    assert caught.value.cases[["row", "column"]].to_numpy().tolist() == [
        [2, "company"], [3, "date"], [3, "indicator"], [4, "what"], [4, "theme"],
    ]  # fmt: skip
    with pytest.raises(SpecError, match="days"):
        before_and_after(*years, moves, days=0)
    with pytest.raises(DataError, match="no column 'what'"):
        before_and_after(*years, moves.drop(columns="what"))


def test_days_of_moves_are_never_guessed(years):
    """1 June written 01/06/2026 would be 6 January: the change would be that of another day."""
    moves = pd.DataFrame({"company": "Rival", "date": ["2026年4月1日", "2026.4.1"], "what": "x"})
    assert before_and_after(*years, moves).frame["date"].unique().tolist() == ["2026-04-01"]
    with pytest.raises(DataError) as caught:
        before_and_after(*years, moves.assign(date=["01/06/2026", "13/06/2026"]))
    assert caught.value.cases["problem"].tolist() == ["not a date (write 2026-03-05)"] * 2


# --- benchmark stores --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain():
    frame = market(np.random.default_rng(21), {"core": (8, 0), "small": (5, -8)}, visits=8, between=4, within=5)
    frame.loc[frame["store"] == "core3", ITEMS] += 150
    return read(frame.assign(**{name: frame[name].clip(upper=1000) for name in ITEMS}))


def test_benchmark_is_the_outstanding_store(chain):
    found = benchmark_stores(chain)
    core = found.tiers.set_index("tier").loc["core"]
    assert core["benchmark"] == "core3"
    assert core["told_apart"]
    assert core["best"] > 0.99
    assert "it can be told apart from the other 7" in found.sentence("core")
    assert "可与其他 7 家区分" in found.in_language("zh").sentence("core")
    assert found.sentence().startswith(found.sentence("core"))
    frame = found.frame[found.frame["tier"] == "core"]
    assert frame.loc[frame["benchmark"], ["distance", "distance_low", "distance_high"]].to_numpy().tolist() == [
        [0, 0, 0]
    ]
    assert (frame.loc[~frame["benchmark"], "distance_low"] > 0).all()
    np.testing.assert_allclose(found.frame.groupby("tier")["best"].sum(), 1)


def test_no_store_can_be_told_apart():
    found = benchmark_stores(read(market(np.random.default_rng(2), {"core": (10, 0)}, visits=6, between=0.0, within=8)))
    row = found.tiers.iloc[0]
    assert not row["told_apart"]
    assert row["candidates"] > 5
    said, chinese = found.sentence("core"), found.in_language("zh").sentence("core")
    assert " stands highest with " in said
    assert "is the benchmark" not in said
    assert "it cannot be told apart: with 95% probability the best is one of" in said
    assert "得分最高" in chinese
    assert "无法与其他门店区分" in chinese
    assert "标杆为" not in chinese


def test_probability_of_the_best_is_the_normal_integral():
    """Two tiers of two stores under a known spread between stores: P(a > b) from the posterior of a difference."""
    frame = market(np.random.default_rng(9), {"core": (2, 0), "small": (2, -6)}, visits=7, between=3, within=5)
    visits = read(frame)
    found = benchmark_stores(visits, between=3.0, draws=60_000)
    y = score_visits(visits).per_visit()
    for tier in ("core", "small"):
        inside = y[y["tier"] == tier]
        means, v = inside.groupby("store")["final"].mean(), inside.groupby("store")["final"].var().mean() / 7
        difference = (means.iloc[0] - means.iloc[1]) * 9 / (9 + v)  # pulled; the tier's mean cancels
        sd = np.sqrt(2 * 9 * v / (9 + v))
        best = found.frame.set_index("store")["best"][means.index[0]]
        assert best == pytest.approx(stats.norm.cdf(difference / sd), abs=4 * np.sqrt(0.25 / 60_000))
        low, high = difference + np.array([-1.96, 1.96]) * sd
        away = found.frame.set_index("store").loc[means.index, ["distance_low", "distance_high"]].abs().max(axis=0)
        assert sorted(np.abs([low, high])) == pytest.approx(sorted(away), abs=0.15)


def test_calibration_over_simulated_chains():
    """Stated probabilities of being the best come true; intervals of distances hold."""
    rng, stated, true, inside = np.random.default_rng(17), [], [], []
    visits = read(market(rng, {"core": (8, 0)}, visits=6))
    for _ in range(40):
        truth = rng.normal(70, 3, 8)
        shares = (np.repeat(truth, 6)[:, None] + rng.normal(0, 6, (48, 3))) / 100
        found = benchmark_stores(replace(visits, answers=Answers.of(np.round(shares, 3))), draws=1000)
        rows = found.frame.set_index("store").loc[[f"core{k}" for k in range(8)]]
        stated += list(rows["best"])
        true += list(truth == truth.max())
        if found.frame["benchmark"].any():
            away = truth[np.flatnonzero(rows["benchmark"])[0]] - truth
            held = (rows["distance_low"] <= away) & (away <= rows["distance_high"])
            inside += list(held[~rows["benchmark"]])
    stated, true = np.array(stated), np.array(true, dtype=float)
    for low, high in ((0, 0.05), (0.05, 0.3), (0.3, 1.01)):
        part = (stated >= low) & (stated < high)
        assert abs(true[part].mean() - stated[part].mean()) < 4 * np.sqrt(stated[part].mean() / part.sum()) + 0.01
    assert 0.92 < np.mean(inside) < 0.985


def test_few_visits_and_unsteady_stores_are_no_benchmark(chain):
    frame = market(np.random.default_rng(22), {"core": (6, 0)}, visits=8, between=2, within=3)
    frame.loc[frame["store"] == "core0", ITEMS] = np.tile([[990], [700]], (4, 3))  # high and wild
    lucky = frame[frame["store"] == "core1"].head(3).assign(**dict.fromkeys(ITEMS, 900))
    frame = pd.concat([frame[frame["store"] != "core1"], lucky], ignore_index=True)
    frame.loc[frame["store"] == "core1", ITEMS] += np.arange(3)[:, None]
    found = benchmark_stores(read(frame)).frame.set_index("store")
    assert found.loc["core0", "fit"] == "unsteady"
    assert found.loc["core1", "fit"] == "few visits"
    assert not found.loc[["core0", "core1"], "benchmark"].any()
    assert found["benchmark"].sum() == 1
    assert found.loc["core1", "distance"] < 0  # the lucky store stands above the benchmark, and that is shown
    none = benchmark_stores(read(frame), minimum=20)
    assert none.tiers["benchmark"].isna().all()
    assert "no benchmark" in none.sentence("core")
    assert "没有合适的标杆门店" in none.in_language("zh").sentence("core")
    strict = benchmark_stores(chain, most_spread=0.01)
    assert not strict.frame["benchmark"].any()


def test_spread_is_the_standard_deviation_between_visits(chain):
    found = benchmark_stores(chain).frame.set_index("store")
    y = score_visits(chain).per_visit().groupby("store")["final"]
    np.testing.assert_allclose(found["spread"], y.std().loc[found.index], rtol=1e-9)
    low, high = (np.sqrt(7 * y.var() / stats.chi2.ppf(share, 7)).loc[found.index] for share in (0.975, 0.025))
    np.testing.assert_allclose(found[["spread_low", "spread_high"]], np.column_stack([low, high]), rtol=1e-9)
    s2, df = np.array([4.0, 1.5, 1.0]), np.array([5.0, 9.0, 7.0])
    by_hand = [
        stats.f.sf(s2[k] / np.average(np.delete(s2, k), weights=np.delete(df, k)), df[k], df.sum() - df[k])
        for k in range(3)
    ]
    np.testing.assert_allclose(excess_spread(s2, df), by_hand, rtol=1e-10)
    assert np.isnan(excess_spread(np.array([1.0]), np.array([4.0]))[0])
    assert np.isnan(variance_interval(np.array([1.0]), np.array([0.0]), 0.95)[0]).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_stores_that_may_be_best_are_the_fewest(seed):
    best = np.random.default_rng(seed).dirichlet(np.full(6, 0.4))
    chosen = among_best(best, 0.9)
    assert best[chosen].sum() >= 0.9 - 1e-12
    k = int(chosen.sum())
    assert np.sort(best)[::-1][: k - 1].sum() < 0.9


def test_order_of_rows_changes_no_benchmark(chain):
    turned = chain.chosen(np.arange(chain.n)[::-1])
    one, other = (benchmark_stores(each).frame.set_index("store").sort_index() for each in (chain, turned))
    np.testing.assert_allclose(one[["best", "distance_low"]], other[["best", "distance_low"]], atol=1e-9)


def test_too_few_stores_to_learn_from_leave_no_benchmark():
    found = benchmark_stores(read(market(np.random.default_rng(2), {"core": (3, 0)}, visits=6)))
    assert set(found.frame["shrunken_reason"]) == {"few stores"}
    assert not found.frame["benchmark"].any()
    assert (
        benchmark_stores(read(market(np.random.default_rng(2), {"core": (3, 0)}, visits=6)), between=4.0)
        .frame["benchmark"]
        .sum()
        == 1
    )


def test_bad_questions_about_benchmarks(chain):
    for wrong in (
        {"measure": "nothing"},
        {"within": "store"},
        {"minimum": 0},
        {"most_spread": -1},
        {"draws": 5},
        {"between": -1},
    ):
        with pytest.raises(SpecError):
            benchmark_stores(chain, **wrong)
    with pytest.raises(DataError, match="region"):
        benchmark_stores(chain, within="region")
    with pytest.raises(SpecError, match=r"scores were made with 0\.9"):
        benchmark_stores(score_visits(chain, level=0.9), level=0.95)
    with pytest.raises(SpecError, match="There are: core, small"):
        benchmark_stores(chain).sentence("giant")


# --- pictures ----------------------------------------------------------------------------------------------


def test_forest_of_one_competitor_and_of_several(two):
    own, rival = two
    table = compare_competitors(own, rival)
    ax = table.plot(new_axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Total score", "Smile", "Speed", "Care"]
    dots = next(each for each in ax.collections if each.get_label() == "estimate")
    np.testing.assert_allclose(dots.get_offsets()[:, 0], table.frame["difference"])
    third = read(market(np.random.default_rng(6), {"core": (4, 3), "small": (3, -3)}, company="Third"))
    several = compare_competitors(own, [rival, third]).in_language("zh").plot(new_axes())
    assert [label.get_text() for label in several.get_yticklabels()][:2] == ["本公司 − Rival", "本公司 − Third"]


def test_strips_show_every_store_once(chain):
    found = benchmark_stores(chain)
    for result in (found, found.in_language("zh")):
        ax = result.plot(new_axes())
        parts = {
            each.get_label(): np.asarray(each.get_offsets())
            for each in ax.collections
            if each.get_label() in ("clear", "open", "benchmark")
        }
        assert sum(len(part) for part in parts.values()) == len(found.frame)
        drawn = np.sort(np.concatenate([parts["clear"][:, 0], parts["open"][:, 0]]))
        np.testing.assert_allclose(drawn, np.sort(-found.frame.loc[~found.frame["benchmark"], "distance"]))
    with pytest.raises(SpecError, match="no benchmark store"):
        benchmark_stores(chain, minimum=99).plot(new_axes())
