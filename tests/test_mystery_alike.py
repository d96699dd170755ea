"""Differences where one side's stores agree, where few stores or inspectors carry a side: truths by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from servqual.benchmark import compare_competitors
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
from servqual.mystery.inspectors import Seen
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import read_visits
from servqual.proportions import contrast_interval
from survey_design.errors import SpecError

NAMES = [f"k{j}" for j in range(8)]
YES_NO = Checklist(
    "shop", "1", {"en": "Shop", "zh": "门店"}, (Category("c", {"en": "All", "zh": "全部"}, 1.0),),
    tuple(Indicator(name, {"en": name, "zh": name}, "c", 0.125) for name in NAMES),
    tuple(ChecklistItem(f"i_{name}", {"en": name, "zh": name}, name) for name in NAMES), languages=("en", "zh"),
)  # fmt: skip
TIMED = Checklist(
    "queue", "1", {"en": "Queue", "zh": "排队"}, (Category("c", {"en": "All", "zh": "全部"}, 1.0),),
    (Indicator("k", {"en": "Speed", "zh": "速度"}, "c", 1.0),),
    (ChecklistItem("q", {"en": "Points", "zh": "得分"}, "k", type="timed", limit=0, zero_at=100),), languages=("en", "zh"),
)  # fmt: skip


def answered(answers, stores, tag, **columns):
    """Visits with (n, 8) answers of yes and no."""
    frame = pd.DataFrame(np.asarray(answers, dtype=int), columns=[f"i_{name}" for name in NAMES])
    head = {"visit": [f"{tag}{k}" for k in range(len(frame))], "store": [f"{tag}-{k}" for k in stores], "tier": "core"}
    return read_visits(frame.assign(**head, **columns), YES_NO, personal_data="keep")


def timed(scores, stores, tag="v", **columns):
    frame = pd.DataFrame({"q": 100 - np.clip(scores, 0, 100), "store": [f"{tag}-{k}" for k in stores], "tier": "core"})
    return read_visits(
        frame.assign(visit=[f"{tag}{k}" for k in range(len(frame))], **columns), TIMED, personal_data="keep"
    )


def yes(n, k):
    """n visits, k of which met every item."""
    return np.repeat((np.arange(n) < k)[:, None], 8, axis=1)


def against(k, n, rival_k, rival_n):
    own, rival = (
        answered(yes(n, k), range(n), "o"),
        answered(yes(rival_n, rival_k), range(rival_n), "r", company="Rival"),
    )
    return compare_competitors(own, rival, parts=("indicator",))


# --- one side without any spread ---------------------------------------------------------------------------


def test_where_all_agree_the_interval_is_newcombes():
    row = against(20, 20, 3, 3).row("Rival", "k0")
    expected = confint_proportions_2indep(20, 20, 3, 3, method="newcomb", compare="diff")
    np.testing.assert_allclose(row[["low", "high"]].astype(float) / 100, expected, atol=1e-12)
    assert row["reason"] == "by stores"
    assert row["p"] == pytest.approx(1.0)


def test_where_one_side_agrees_its_stores_keep_the_error_of_so_many_answers():
    table = against(16, 20, 3, 3)
    row = table.row("Rival", "k0")
    # the other side's variance is p(1 − p)/19, so it is worth 19 answers
    (l1, u1), (l2, u2) = (proportion_confint(p * n, n, method="wilson") for p, n in ((0.8, 19), (1.0, 3)))
    low, high = -0.2 - np.hypot(0.8 - l1, u2 - 1), -0.2 + np.hypot(u1 - 0.8, 1 - l2)
    np.testing.assert_allclose(row[["low", "high"]].astype(float), [100 * low, 100 * high], rtol=1e-9)
    assert np.isnan(row["se"])
    assert row["low"] < 0 < row["high"]
    assert "interval from the number of stores" in str(table)
    assert "区间按门店数计算" in str(table.in_language("zh"))


def test_p_is_one_less_the_level_at_which_the_interval_ends_at_zero():
    row = against(16, 20, 0, 5).row("Rival", "k0")
    again = contrast_interval(
        np.array([[1.0], [-1.0]]), np.array([[0.8], [0.0]]), np.array([[19.0], [5.0]]), level=1 - row["p"]
    )
    assert row["p"] < 0.05
    assert row["low"] > 0
    assert again[0][0] == pytest.approx(0, abs=1e-9)


def test_scores_of_another_kind_have_no_interval_and_no_p():
    own = timed(np.linspace(40, 80, 12), range(12))
    rival = timed(np.full(4, 90.0), range(4), "r", company="Rival")
    table = compare_competitors(own, rival, parts=("total",))
    row = table.row("Rival")
    assert row["difference"] == pytest.approx(-30)
    assert row[["se", "low", "high", "df", "p", "p_adjusted"]].isna().all()
    assert row["reason"] == "alike"
    assert "all stores of one side alike" in table.sentence("Rival")
    assert "一方各门店结果相同" in table.in_language("zh").sentence("Rival")
    ranks = table.ranks().frame
    assert ranks["rank_low"].isna().all()
    assert set(ranks["reason"]) == {"alike"}


def test_stores_that_agree_in_one_tier_leave_no_error_for_the_average():
    rng = np.random.default_rng(4)
    tiers = ["core"] * 6 + ["small"] * 6
    own = timed(rng.normal(60, 8, 12), range(12), tier=tiers)
    flat = np.where(np.array(tiers) == "small", 70.0, rng.normal(60, 8, 12))
    table = compare_competitors(own, timed(flat, range(12), "r", company="Rival", tier=tiers), parts=("total",))
    assert table.frame["reason"].tolist() == ["alike"]
    assert table.cells.set_index("tier")["reason"].to_dict() == {"core": "", "small": "alike"}


def test_few_rivals_who_all_passed_are_no_finding():
    """Nothing differs: three rival stores, seen once, met an item with chance .8."""
    rng, held, alarms = np.random.default_rng(1), [], 0
    for _ in range(25):
        own = answered(rng.random((40, 8)) < 0.8, np.repeat(range(20), 2), "o")
        rival = answered(rng.random((3, 8)) < 0.8, range(3), "r", company="Rival")
        frame = compare_competitors(own, rival, parts=("indicator",)).frame
        held += list((frame["low"] <= 0) & (frame["high"] >= 0))
        alarms += int((frame["p_adjusted"] < 0.05).any())
    assert np.mean(held) > 0.93  # 51% with the other side's error alone
    assert alarms <= 4  # 91% then


def test_few_visits_of_one_kind_that_all_passed_are_no_finding():
    rng, held, alarms = np.random.default_rng(2), [], 0
    stores = np.r_[np.repeat(range(20), 4), range(5)]
    for _ in range(25):
        visits = answered(rng.random((85, 8)) < 0.9, stores, "o", mode=["covert"] * 80 + ["overt"] * 5)
        frame = score_visits(visits).differences("mode", parts=("indicator",)).frame
        held += list((frame["low"] <= 0) & (frame["high"] >= 0))
        alarms += int((frame["p_adjusted"] < 0.05).any())
    assert np.mean(held) > 0.93
    assert alarms <= 4


def test_kinds_of_visits_that_agree_have_newcombes_interval_or_none():
    kinds = ["covert"] * 12 + ["overt"] * 5
    visits = answered(np.r_[yes(12, 9), yes(5, 5)], range(17), "o", mode=kinds)
    table = score_visits(visits).differences("mode", parts=("indicator",))
    row = table.row("covert", "overt", "k0")
    (l1, u1), (l2, u2) = (proportion_confint(p * n, n, method="wilson") for p, n in ((0.75, 11), (1.0, 5)))
    bounds = [-0.25 - np.hypot(0.75 - l1, u2 - 1), -0.25 + np.hypot(u1 - 0.75, 1 - l2)]
    np.testing.assert_allclose(row[["low", "high"]].astype(float), 100 * np.array(bounds), rtol=1e-9)
    assert row["reason"] == "by stores"
    flat = timed(np.r_[np.linspace(40, 80, 12), np.full(5, 90.0)], range(17), mode=kinds)
    told = score_visits(flat).differences("mode", parts=("total",))
    assert told.frame[["se", "low", "p", "p_adjusted"]].isna().all(axis=None)
    assert "all stores of one side alike" in told.sentence()
    assert "一方各门店结果相同" in told.in_language("zh").sentence()


# --- few stores, few inspectors ----------------------------------------------------------------------------


def test_an_average_that_rests_on_three_stores_has_their_degrees_of_freedom():
    rng, held, df = np.random.default_rng(6), [], []
    counts = {"own": (30, 6, 4), "Rival": (3, 10, 10)}
    tiers = {name: np.repeat(["a", "b", "c"], sizes) for name, sizes in counts.items()}
    for _ in range(30):
        own, rival = (
            timed(rng.normal(60, 7, len(each)), range(len(each)), name, tier=each, company=name)
            for name, each in tiers.items()
        )
        row = compare_competitors(own, rival, parts=("total",)).row("Rival")
        held.append(row["low"] <= 0 <= row["high"])
        df.append(row["df"])
    assert np.median(df) < 5  # 27.6 where stores less tiers count as one number
    assert np.sum(held) >= 26  # 88% of 400 then, 92 to 93% now


def studied(rng, own=5, rivals=3, severity=5.0):
    """20 own stores and 20 of a rival, seen twice; each side by inspectors of its own."""
    sides = []
    for tag, k in (("o", own), ("r", rivals)):
        store, who = np.repeat(range(20), 2), rng.integers(0, k, 40)
        score = 60 + rng.normal(0, 6, 20)[store] + rng.normal(0, severity, k)[who] + rng.normal(0, 4, 40)
        columns = {} if tag == "o" else {"company": "Rival"}
        sides.append(timed(score, store, tag, inspector=[f"{tag}{each}" for each in who], **columns))
    return sides


def test_rivals_seen_by_other_people_differ_by_their_severity_too():
    rng, held = np.random.default_rng(7), {"these": 0, "any": 0}
    for _ in range(30):
        sides = studied(rng)
        for whom in held:
            row = compare_competitors(*sides, parts=("total",), inspectors=whom).row("Rival")
            held[whom] += int(row["low"] <= 0 <= row["high"])
    assert held["these"] <= 24  # 70% of 400 studies
    assert held["any"] >= 25  # 94% of 150 studies
    assert held["any"] > held["these"] + 2


def test_the_note_gives_the_error_either_way():
    sides = studied(np.random.default_rng(8))
    these, whole = (compare_competitors(*sides, parts=("total",), inspectors=whom) for whom in ("these", "any"))
    errors = [table.row("Rival")["se"] for table in (whole, these)]
    assert f"standard error is {errors[0]:.2f} in place of {errors[1]:.2f} (inspectors='any')" in these.note()
    assert f"总分标准误为 {errors[0]:.2f}，而非 {errors[1]:.2f}" in these.in_language("zh").note()
    assert "they speak of inspectors like these" in whole.note()


def test_one_inspector_cannot_be_told_from_the_company():
    sides = studied(np.random.default_rng(9), own=4, rivals=1)
    table = compare_competitors(*sides, parts=("total",), inspectors="any")
    assert table.frame["reason"].tolist() == ["one inspector"]
    assert table.frame["low"].isna().all()
    assert "cannot be told from the company" in table.sentence("Rival")
    these = compare_competitors(*sides, parts=("total",))
    assert np.isfinite(these.row("Rival")["low"])
    assert "in place of" not in these.note()  # a single inspector's severity has no known size
    assert "one inspector made all visits of one company" in these.note()
    assert "一方的访问全部由一名检查员完成" in these.in_language("zh").note()
    with pytest.raises(SpecError, match="named in a column 'inspector' on both sides"):
        compare_competitors(timed(range(40, 60), range(20)), sides[1], parts=("total",), inspectors="any")


def test_inspectors_who_made_most_visits_are_named_in_the_note():
    rng = np.random.default_rng(3)
    who = np.repeat(range(6), [84, 12, 6, 6, 6, 6])
    visits = timed(rng.normal(60, 8, 120), np.arange(120) % 20, inspector=[f"I{k}" for k in who])
    worth = 1 / (0.7**2 + 0.1**2 + 4 * 0.05**2)
    assert Seen.of(visits.frame).few() == pytest.approx(worth)
    table = score_visits(visits, inspectors="any")
    assert f"worth {worth:.1f} inspectors with equally many: the intervals are too narrow" in table.note()
    assert f"仅相当于 {worth:.1f} 名" in table.in_language("zh").note()
    even = timed(rng.normal(60, 8, 120), np.arange(120) % 20, inspector=[f"I{k % 6}" for k in range(120)])
    assert "too narrow" not in score_visits(even, inspectors="any").note()


def test_a_side_seen_by_two_inspectors_is_named_in_the_note():
    """88% of 95% intervals held the truth in 120 simulated studies with two inspectors against twelve."""
    rng, agency = np.random.default_rng(5), np.arange(120) % 2
    who = np.where(agency == 0, rng.integers(0, 2, 120), 2 + rng.integers(0, 8, 120))
    columns = {"agency": np.array(["one", "two"])[agency], "inspector": [f"I{k}" for k in who]}
    visits = timed(rng.normal(60, 8, 120), np.arange(120) // 6, **columns)
    table = score_visits(visits).differences("agency", parts=("total",))
    assert "one or two of them made most visits of one side, worth 2.0 inspectors" in table.note()
    assert "一方的多数访问由一两名检查员完成，仅相当于 2.0 名" in table.in_language("zh").note()


def test_few_stores_that_carry_most_visits_are_told():
    """Simulated: 86% of 95% intervals held the truth with 1, 1, 2, 2, 6 and 12 visits a store, 93 to 95% with equally many."""
    rng = np.random.default_rng(5)
    table = score_visits(timed(rng.normal(60, 8, 24), np.repeat(range(6), [1, 1, 2, 2, 6, 12])))
    assert "few clusters carry most of the weight" in table.note()
    assert "区间偏窄" in table.in_language("zh").note()
    even = score_visits(timed(rng.normal(60, 8, 24), np.repeat(range(6), 4)))
    assert "carry most" not in even.note()
