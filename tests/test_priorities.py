"""The map of importance and performance, and what to do first: against reference results, by hand, and on bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import Bootstrap, Responses, SampleDesign, load_instrument, read_responses
from servqual.drivers import drivers
from servqual.inference import Mean, estimate
from servqual.plots import new_axes
from servqual.plots.priorities import draw_priorities, draw_quadrants
from servqual.priorities import importance_performance, priorities
from servqual.priorities.chances import QUADRANT_NAMES
from servqual.priorities.quadrants import Rules
from survey_design.calibration import rake
from survey_design.errors import DataError, SpecError

ITEMS = [f"{k:02d}" for k in range(1, 25)]
NAMES = ["waiting", "staff", "music", "parking", "price"]


def kiosk(shared: Any, **asked: Any) -> Any:
    asked = {"importance": {k: f"E{k}" for k in ITEMS}, "scale": (1, 7), **asked}
    return importance_performance(shared.frame("kiosk_servqual.csv"), performance={k: f"P{k}" for k in ITEMS}, **asked)


def made(n: int = 240, seed: int = 1, **more: Any) -> pd.DataFrame:
    """Five items rated twice by customers of 24 stores, an outcome, weights, regions."""
    rng = np.random.default_rng(seed)
    mood, store = rng.normal(size=(n, 1)), np.arange(n) % 24
    wanted = np.array([6.4, 6.1, 5.0, 4.6, 5.8]) + 0.4 * mood + rng.normal(size=(n, 5))
    met = (
        np.array([4.0, 5.8, 4.2, 5.6, 4.9])
        + 0.5 * mood
        + 0.3 * rng.normal(size=(24, 5))[store]
        + rng.normal(size=(n, 5))
    )
    frame = pd.DataFrame(
        np.clip(np.rint(np.hstack([wanted, met])), 1, 7),
        columns=[*(f"E_{x}" for x in NAMES), *(f"P_{x}" for x in NAMES)],
    )
    whole = met @ [0.5, 0.3, 0.1, 0.05, 0.2] + rng.normal(size=n)
    return frame.assign(
        y=whole.round(1), store=store, region=np.where(store < 12, "east", "west"), w=rng.integers(1, 4, n), **more
    )


ASKED: dict[str, Any] = {
    "importance": {x: f"E_{x}" for x in NAMES},
    "performance": {x: f"P_{x}" for x in NAMES},
    "scale": (1, 7),
}
DERIVED: dict[str, Any] = {"importance": "derived", "outcome": "y", "performance": {x: f"P_{x}" for x in NAMES}}


# --- reference results -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["mean", "median", "midpoint"])
def test_kiosk_quadrants_are_those_of_the_reference(shared: Any, rule: str):
    wanted = shared.oracle("ipa.json")["results"]["kiosk_stated"]
    found = kiosk(shared, crosshairs=rule).frame
    assert found["quadrant"].tolist() == list(wanted[f"quadrant_{rule}"].values())
    assert np.abs(found["importance"] - list(wanted["importance_mean"].values())).max() < 1e-10
    assert np.abs(found["performance"] - list(wanted["performance_mean"].values())).max() < 1e-10
    if rule != "midpoint":
        assert np.abs(found[["importance_cut", "performance_cut"]].to_numpy() - wanted[f"cut_{rule}"]).max() < 1e-10
    else:
        assert set(found["importance_cut"]) == {4.0}


def test_the_diagonal_of_the_reference(shared: Any):
    results = shared.oracle("ipa.json")["results"]
    found = kiosk(shared, crosshairs="diagonal").frame
    assert (found["quadrant"] == "concentrate_here").tolist() == list(results["kiosk_stated"]["iso_diagonal"].values())


@pytest.mark.parametrize(
    ("method", "key"), [("correlation", "derived_importance_r"), ("spearman", "derived_importance_spearman")]
)
def test_derived_importance_of_the_reference(shared: Any, method: str, key: str):
    wanted = shared.oracle("ipa.json")["results"]["kiosk_derived"]
    found = kiosk(shared, importance="derived", outcome="SAT1", method=method).frame
    assert np.abs(found["importance"] - list(wanted[key].values())).max() < 1e-10
    if method == "correlation":
        assert found["quadrant"].tolist() == list(wanted["quadrant"].values())
        assert np.abs(found[["importance_cut", "performance_cut"]].to_numpy() - wanted["cut"]).max() < 1e-10


@pytest.mark.parametrize("rule", ["mean", "median", "midpoint", "diagonal"])
def test_the_students_of_the_reference(shared: Any, rule: str):
    wanted = shared.oracle("ipa.json")["results"]["student"]
    names = [name.removesuffix("_imp") for name in wanted["importance_mean"]]
    frame = shared.frame("student_services_gap_fictitious.csv")
    found = importance_performance(frame, importance={x: f"{x}_imp" for x in names}, performance={x: f"{x}_sat" for x in names},
                                   scale=(1, 7), crosshairs=rule).frame  # fmt: skip
    if rule == "diagonal":
        assert (found["quadrant"] == "concentrate_here").tolist() == list(wanted["iso_diagonal"].values())
    else:
        assert found["quadrant"].tolist() == list(wanted[f"quadrant_{rule}"].values())
    assert np.abs(found["performance"] - list(wanted["performance_mean"].values())).max() < 1e-10


# --- errors ------------------------------------------------------------------------------------------------


def test_means_have_the_errors_of_estimate_under_clusters_strata_and_weights():
    frame, design = made(), SampleDesign(clusters="store", strata="region", weight="w")
    found = importance_performance(frame, design=design, **ASKED).frame
    columns = [*(f"E_{x}" for x in NAMES), *(f"P_{x}" for x in NAMES)]
    wanted = estimate(frame, Mean(*columns), design).frame
    assert np.allclose(np.concatenate([found["importance"], found["performance"]]), wanted["estimate"])
    assert np.allclose(np.concatenate([found["importance_se"], found["performance_se"]]), wanted["se"])
    assert np.allclose(found["performance_low"], wanted["low"][5:])
    assert (found["df"] == 22).all()


def test_the_covariance_of_the_two_errors_by_hand():
    frame = made()
    found = importance_performance(frame, **ASKED).frame.set_index("item")
    for name in NAMES:
        assert found.loc[name, "covariance"] == pytest.approx(
            np.cov(frame[f"E_{name}"], frame[f"P_{name}"])[0, 1] / len(frame)
        )


def test_each_item_counts_those_who_answered_it():
    frame = made()
    frame.loc[:39, "P_music"] = np.nan
    found = importance_performance(frame, **ASKED)
    assert found.row("music")["performance"] == pytest.approx(frame["P_music"].mean())
    assert found.row("music")["n"] == 200
    assert found.row("staff")["n"] == 240
    assert found.note().startswith("n = 240 answers per item on importance, 200–240 on performance")


def test_ellipses_are_hotellings_region():
    found = importance_performance(made(), **ASKED)
    row, outline = found.row("price"), found.ellipse("price")
    v = np.array([[row["importance_se"] ** 2, row["covariance"]], [row["covariance"], row["performance_se"] ** 2]])
    away = outline - [row["importance"], row["performance"]]
    t2 = np.einsum("pa,ab,pb->p", away, np.linalg.inv(v), away)
    n = 240
    assert np.allclose(t2, 2 * (n - 1) / (n - 2) * stats.f.ppf(0.95, 2, n - 2))


def test_errors_of_derived_importance_against_resampling():
    frame, design = made(), SampleDesign(clusters="store")
    found = importance_performance(frame, design=design, **DERIVED).frame
    values = frame[["y", *(f"P_{x}" for x in NAMES)]].to_numpy()
    rng, parts = np.random.default_rng(3), [values[frame["store"].to_numpy() == store] for store in range(24)]
    again = []
    for _ in range(800):
        rows = np.concatenate([parts[k] for k in rng.integers(0, 24, 24)])
        again.append([*np.corrcoef(rows.T)[0, 1:], *rows[:, 1:].mean(axis=0)])
    cov = np.cov(np.array(again).T) * 24 / 23
    assert np.allclose(found["importance_se"], np.sqrt(np.diag(cov)[:5]), rtol=0.2)
    assert np.allclose(
        found["covariance"], np.diag(cov[:5, 5:]), atol=0.5 * np.sqrt(np.diag(cov)[:5] * np.diag(cov)[5:]).min()
    )


def test_weighted_spearman_counts_a_weight_of_three_as_three_people():
    frame = made()
    repeated = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    one = importance_performance(frame, design=SampleDesign(weight="w"), method="spearman", **DERIVED).frame
    for name, r in zip(one["item"], one["importance"], strict=True):
        assert r == pytest.approx(stats.spearmanr(repeated["y"], repeated[f"P_{name}"])[0])


@pytest.mark.parametrize("method", ["regression", "shapley", "johnson"])
def test_other_derived_importance_is_that_of_drivers(method: Any):
    frame, columns = made(), [f"P_{x}" for x in NAMES]
    wanted = drivers(frame, outcome="y", drivers=columns, method=method, interval=Bootstrap(50)).frame["importance"]
    asked = {**DERIVED, "performance": columns}
    found = importance_performance(frame, method=method, **asked)
    assert np.allclose(found.frame["importance"], wanted)
    given_ = importance_performance(frame, importance=drivers(frame, outcome="y", drivers=columns, method=method, interval=Bootstrap(50)),
                                    performance=columns)  # fmt: skip
    assert np.allclose(given_.frame["importance"], wanted)
    assert "independent of each other" in given_.note()


def test_replicates_give_chances_too():
    found = importance_performance(
        made(), design=SampleDesign(clusters="store"), interval=Bootstrap(300, seed=1), **ASKED
    ).frame
    plain = importance_performance(made(), design=SampleDesign(clusters="store"), **ASKED).frame
    assert np.allclose(found["performance_se"], plain["performance_se"], rtol=0.2)
    assert np.abs(found[list(QUADRANT_NAMES)] - plain[list(QUADRANT_NAMES)]).to_numpy().max() < 0.1


def test_expectations_of_other_people_err_independently():
    instrument = load_instrument("retail-13")
    rng, sides = np.random.default_rng(1), []
    for form, n in (("expectation", 60), ("perception", 90)):
        columns = list(instrument.columns(form).values())
        sides.append(Responses(pd.DataFrame(rng.integers(1, 8, (n, len(columns))), columns=columns), instrument))
    both = read_responses(expectation=sides[0], perception=sides[1])
    found = importance_performance(both).frame
    assert np.abs(found["covariance"]).max() == 0
    gaps = importance_performance(both, performance="gap").frame
    assert np.allclose(gaps["performance_se"], np.hypot(found["importance_se"], found["performance_se"]))
    assert np.allclose(gaps["performance"], found["performance"] - found["importance"])
    assert np.allclose(gaps["covariance"], -(found["importance_se"] ** 2))


# --- identities --------------------------------------------------------------------------------------------


def test_groups_are_as_if_alone():
    frame = made()
    both = importance_performance(frame, by="region", **ASKED).frame
    for region in ("east", "west"):
        alone = importance_performance(frame[frame["region"] == region], **ASKED).frame
        own = both[both["region"] == region].drop(columns="region").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone)


@settings(max_examples=5, deadline=None)
@given(st.permutations(NAMES))
def test_the_order_of_items_and_rows_changes_nothing(order: list[str]):
    frame = made()
    plain = importance_performance(frame, **ASKED).frame.set_index("item")
    asked = {**ASKED, "importance": {x: f"E_{x}" for x in order}, "performance": {x: f"P_{x}" for x in order}}
    other = importance_performance(frame.sample(frac=1, random_state=1), **asked).frame.set_index("item").loc[NAMES]
    pd.testing.assert_frame_equal(plain, other, rtol=1e-9)


def test_the_same_seed_gives_the_same_bytes_and_data_are_left_alone():
    frame = made()
    before = frame.copy(deep=True)
    one, two, other = (importance_performance(frame, seed=seed, **ASKED) for seed in (1, 1, 2))
    assert one.to_csv() == two.to_csv()
    assert one.frame["chance"].tolist() != other.frame["chance"].tolist()
    pd.testing.assert_frame_equal(frame, before)


def test_rules_side_by_side():
    rules = importance_performance(made(), **ASKED).rules()
    for rule in ("mean", "median", "midpoint", "diagonal"):
        own = importance_performance(made(), crosshairs=rule, **ASKED).frame["quadrant"]
        assert rules.frame[rule].tolist() == own.tolist()
    tried = rules.frame[["mean", "median", "midpoint", "diagonal"]]
    assert rules.moving() == rules.frame.loc[tried.nunique(axis=1) > 1, "item"].tolist()
    derived = importance_performance(made(), **DERIVED).rules()
    assert (derived.frame["midpoint"] == "").all()
    assert "no scale" in derived.note()
    assert "量表" in derived.in_language("zh").note()


# --- priorities --------------------------------------------------------------------------------------------


def test_the_index_by_hand_on_the_kiosk_data(shared: Any):
    frame = shared.frame("kiosk_servqual.csv")
    found = priorities(kiosk(shared))
    by_hand = {k: frame[f"E{k}"].mean() * (7 - frame[f"P{k}"].mean()) for k in ITEMS}
    assert found.ranking() == sorted(ITEMS, key=by_hand.__getitem__, reverse=True)
    assert found.frame["index"].tolist() == pytest.approx(sorted(by_hand.values(), reverse=True))
    assert found.frame["rank"].tolist() == list(range(1, 25))


def test_chances_of_ranks_belong_together():
    found = priorities(made(), top=2, **ASKED)
    chances = found.rank_chances()
    assert np.allclose(chances.sum(axis=0), 1)
    assert np.allclose(chances.sum(axis=1), 1)
    own = found.frame.set_index("item")
    assert list(chances.index) == found.ranking()
    assert np.allclose(own["first"], chances[1].loc[own.index])
    assert np.allclose(own["top"], chances[[1, 2]].sum(axis=1).loc[own.index])
    assert (own["rank_low"] <= own["rank"]).all()
    assert (own["rank"] <= own["rank_high"]).all()


def test_reach_multiplies_and_can_be_counted():
    frame = made()
    half = {x: 0.5 if x == "waiting" else 1.0 for x in NAMES}
    plain, halved = (priorities(frame, reach=reach, **ASKED).frame.set_index("item") for reach in (None, half))
    assert halved.loc["waiting", "index"] == pytest.approx(plain.loc["waiting", "index"] / 2)
    assert halved.loc["staff", "index"] == pytest.approx(plain.loc["staff", "index"])
    counted = priorities(frame, reach="affected", **ASKED).frame.set_index("item")
    assert counted.loc["music", "reach"] == pytest.approx((frame["P_music"] <= 4).mean())


def test_streams_share_out_the_whole():
    owners = {"waiting": "control", "staff": "store", "price": "support"}
    found = priorities(made(), owners=owners, **ASKED)
    streams = found.streams()
    assert streams.frame["share"].sum() == pytest.approx(1)
    assert streams.frame["chance"].sum() == pytest.approx(1)
    own = found.frame.set_index("item")
    control = streams.frame.set_index("owner").loc["control"]
    assert control["share"] == pytest.approx(own.loc["waiting", "share"])
    assert control["chance"] == own.loc["waiting", "first"]
    assert control["low"] <= control["share"] <= control["high"]
    assert streams.sentence("store").startswith("Store: 1 item with")
    assert "门店：1 项" in streams.in_language("zh").sentence("store")


def test_the_needed_change_really_draws_level():
    found = priorities(made(), reach=dict.fromkeys(NAMES, 0.4), **ASKED)
    own, changes = found.frame.set_index("item"), found.what_would_change().frame
    assert len(changes) == 3 * 4
    for row in changes.to_dict("records"):
        factors = own.loc[row["below"], ["importance", "shortfall", "reach"]].astype(float)
        factors[row["factor"]] = row["needed"]
        assert factors.prod() == pytest.approx(own.loc[row["above"], "index"])
        inside = row["low"] <= row["needed"] <= row["high"]
        assert row["within"] == ("impossible" if row["factor"] == "reach" and row["needed"] > 1 else "no interval" if row["factor"] == "reach"
                                 else "yes" if inside else "no")  # fmt: skip
    assert "of 4 neighbours are not told apart" in found.what_would_change().sentence()
    assert "4 对相邻名次" in found.what_would_change().in_language("zh").sentence()


def test_neighbours_are_open_by_the_chance_of_the_other_order():
    """Not by one factor at the end of its interval: with few answers nearly every pair has such a factor."""
    rng, names = np.random.default_rng(5), [*"abcdefgh"]
    frame = pd.DataFrame(rng.normal([2, 2.1, 3.4, 3.5, 4.6, 4.65, 6, 6.05], 1.6, (50, 8)), columns=names)
    changes = priorities(
        frame, importance={x: 10 + k / 1000 for k, x in enumerate(names)}, performance=names, scale=(1, 7)
    ).what_would_change()
    pairs = changes.frame.drop_duplicates("rank")
    open_ = int((pairs["swap"] > 0.4).sum())
    inside = int(changes.frame.groupby("rank")["within"].agg(lambda words: (words == "yes").any()).sum())
    assert 0 < open_ < inside
    assert changes.sentence().startswith(f"{open_} of 7 neighbours")
    assert f"7 对相邻名次中，有 {open_} 对" in changes.in_language("zh").sentence()


def test_nothing_is_short_where_the_target_is_met():
    found = priorities(made(), target=1.0, **ASKED)
    assert (found.frame["index"] == 0).all()
    assert found.frame["first"].max() == 0
    assert found.streams().frame["share"].isna().all()
    assert found.sentence("music").startswith("music: nothing is short")
    assert "没有短板" in found.in_language("zh").sentence("music")


def test_an_item_that_counts_for_nothing_is_not_said_to_be_without_fault():
    rng = np.random.default_rng(31)
    frame = pd.DataFrame(rng.normal([3.0, 4.0, 5.0], 0.8, (300, 3)), columns=["noise", "staff", "look"])
    frame["quality"] = frame["staff"] + frame["look"] - 2 * frame["noise"] + rng.normal(0, 0.5, 300)
    found = priorities(
        frame, importance="derived", outcome="quality", performance=["noise", "staff", "look"], scale=(1, 7)
    )
    row = found.row("noise")
    assert row["importance"] < 0 < row["shortfall"]
    assert row["index"] == 0
    said = found.sentence("noise")
    assert "nothing is short" not in said
    assert "short, but its importance is not above 0 (−0." in said
    assert "does not mean that all is well" in said
    assert "并不表示没有短板" in found.in_language("zh").sentence("noise")
    assert "importance below 0 counts as 0: noise" in found.note()
    assert "重要性低于 0 者按 0 计" in found.in_language("zh").note()


def test_gaps_are_the_default_of_responses():
    instrument = load_instrument("retail-13")
    rng = np.random.default_rng(2)
    columns = [*instrument.columns("expectation").values(), *instrument.columns("perception").values()]
    found = priorities(
        Responses(pd.DataFrame(rng.integers(1, 8, (80, len(columns))), columns=columns), instrument),
        of="dimensions",
        by=None,
    )
    assert found.positions.performance == "gap"
    assert found.frame["shortfall"].min() >= 0
    assert "shortfall = E − P" in found.note()


# --- warnings and words ------------------------------------------------------------------------------------


def test_the_three_pitfalls_are_told_in_both_languages():
    rng = np.random.default_rng(1)
    level = np.linspace(4.5, 6.8, 8)
    names = [f"i{k}" for k in range(8)]
    frame = pd.DataFrame(np.hstack([rng.normal(level, 0.5, (200, 8)), rng.normal(level - 1, 0.5, (200, 8))]).clip(1, 7),
                         columns=[*(f"E{x}" for x in names), *(f"P{x}" for x in names)])  # fmt: skip
    asked: dict[str, Any] = {
        "importance": {x: f"E{x}" for x in names},
        "performance": {x: f"P{x}" for x in names},
        "scale": (1, 7),
    }
    found = importance_performance(frame, **asked)
    assert "go together across items (r = 1.00)" in found.note()
    assert "对角线" in found.in_language("zh").note()
    top = frame.assign(**{f"E{x}": 7 - (rng.random(200) < 0.1) for x in names})
    ceiling = importance_performance(top, **asked)
    assert "sits at the ceiling: 8 of 8" in ceiling.note()
    assert "集中于上限" in ceiling.in_language("zh").note()
    assert "differ little in importance" in ceiling.note()
    assert "重要性差别很小" in ceiling.in_language("zh").note()


def test_an_item_whose_quadrant_is_less_than_likely_stands_on_the_line():
    """Eight items nearly alike: whoever has under one half is not said to need attention."""
    rng, names = np.random.default_rng(8), [*"abcdefgh"]
    answers = rng.normal(np.r_[np.linspace(4.9, 5.1, 8), np.linspace(4.9, 5.1, 8)[::-1]], 1.5, (60, 16))
    frame = pd.DataFrame(answers, columns=[*(f"I{x}" for x in names), *names])
    found = importance_performance(frame, importance={x: f"I{x}" for x in names}, performance=names, scale=(1, 7))
    chances = found.frame.set_index("item")["chance"]
    said, zh = found.sentence(), found.in_language("zh")
    named, _, line = said.rstrip(".").partition("on the line: ")
    here = found.within("concentrate_here")
    assert any(chances[item] < 0.5 for item in here)
    for item in here:
        assert f"{item} (" in (named if chances[item] >= 0.5 else line)
    if all(chances[item] < 0.5 for item in here):
        assert said.startswith("No item lies under “concentrate here” with a chance of half or more; on the line")
    assert "处于交界：" in zh.sentence()
    for item, chance in chances.items():
        assert ("on the line between “" in found.sentence(item)) is bool(chance < 0.5)
        assert ("处于交界：“" in zh.sentence(item)) is bool(chance < 0.5)


def test_where_every_item_moves_the_rules_say_which_differ_between_mean_and_median():
    table = pd.DataFrame({"item": [*"abc"], "mean": ["keep_up", "low_priority", "keep_up"], "median": ["keep_up", "keep_up", "keep_up"],
                          "midpoint": ["possible_overkill"] * 3, "diagonal": ["keep_up"] * 3, "moves": True})  # fmt: skip
    words = Rules(table, "en")
    assert words.sentence() == "All 3 items change quadrant with the rule; between mean and median 1 of them does: b."
    assert Rules(table, "zh").sentence() == "全部 3 项的象限都取决于规则；均值与中位数之间有 1 项不同：b。"
    alike = table.assign(median=table["mean"])
    assert (
        Rules(alike, "en").sentence()
        == "All 3 items change quadrant with the rule; mean and median give the same ones."
    )
    some = table.assign(moves=[True, False, False])
    assert Rules(some, "en").sentence() == "1 of 3 items changes quadrant with the rule: a."


def test_sentences_in_english_and_chinese():
    found = importance_performance(made(), **ASKED)
    assert found.sentence().startswith("Concentrate here (chance in brackets): waiting (over 99%)")
    assert found.in_language("zh").sentence().startswith("重点改进（括号内为概率）：waiting")
    assert "95% CI" in found.sentence("staff")
    assert "；" not in found.sentence("staff")
    assert "（95% 置信区间" in found.in_language("zh").sentence("staff")
    assert found.in_language("zh").title() == "重要性—绩效分析"
    ranked = priorities(found, owners={"waiting": "store"})
    assert ranked.sentence().startswith("waiting: rank 1 of 5 (importance 6.")
    assert ranked.sentence().endswith("; owner: store.")
    assert "责任方：门店。" in ranked.in_language("zh").sentence()
    assert "NOT" not in ranked.note()
    assert "not what a change would cause" in importance_performance(made(), **DERIVED).note()


def test_pictures_show_items_chances_and_ranks():
    found = importance_performance(made(), crosshairs="diagonal", **ASKED)
    axes = draw_quadrants(found, new_axes())
    lines = [line.get_label() for line in axes.lines]
    assert [name for name in lines if name in NAMES] == NAMES
    assert lines.count("crosshair") == 2
    assert lines.count("ellipse") == 5
    assert lines.count("diagonal") == 1
    assert any(text.get_text().startswith("waiting ") and "%" in text.get_text() for text in axes.texts)
    ranked = priorities(found, owners={"waiting": "store"}).in_language("zh")
    axes = draw_priorities(ranked, new_axes())
    assert [label.get_text() for label in axes.get_yticklabels()] == ranked.ranking()
    with pytest.raises(SpecError, match="one group"):
        importance_performance(made(), by="region", **ASKED).plot(new_axes())


# --- bad input ---------------------------------------------------------------------------------------------


def test_importance_without_variance_is_refused_in_words():
    with pytest.raises(DataError, match=r"all items have the same importance \(3\)"):
        importance_performance(made(), importance=dict.fromkeys(NAMES, 3), performance=ASKED["performance"])
    frame = made()
    for name in NAMES:
        frame.loc[frame["region"] == "west", f"E_{name}"] = 5.0
    found = importance_performance(frame, by="region", **ASKED)
    west = found.frame[found.frame["region"] == "west"]
    assert set(west["reason"]) == {"flat importance"}
    assert west["chance"].isna().all()
    assert "all items are equally important" in found.sentence("music", region="west")
    assert "各项重要性相同" in found.in_language("zh").sentence("music", region="west")
    assert priorities(found).frame.query("region == 'west'")["rank"].isna().all()


def test_an_item_nobody_answered_has_words_and_the_others_a_place():
    frame = made()
    frame["P_music"] = np.nan
    found = importance_performance(frame, **ASKED)
    assert found.row("music")["reason"] == "nobody"
    assert found.row("music")["quadrant"] == ""
    assert found.row("staff")["performance_cut"] == pytest.approx(
        frame[[f"P_{x}" for x in NAMES if x != "music"]].mean().mean()
    )
    assert found.sentence("music").startswith("music: no place can be given")
    ranked = priorities(found)
    assert ranked.ranking() == [x for x in ranked.ranking() if x != "music"]
    assert len(ranked.ranking()) == 4
    assert "no rank can be given" in ranked.sentence("music")
    draw_quadrants(found, new_axes())
    frame[[f"P_{x}" for x in NAMES]] = np.nan
    with pytest.raises(DataError, match="only 0 of 5 items"):
        importance_performance(frame, **ASKED)


@pytest.mark.parametrize(("changes", "words"), [
    ({"performance": {"waiting": "P_waiting"}, "importance": {"waiting": "E_waiting"}}, "needs two items"),
    ({"importance": {**ASKED["importance"], "smile": "E_music"}}, "names smile"),
    ({"importance": {"waiting": "E_waiting"}}, "lacks staff, music, parking, price"),
    ({"importance": {**ASKED["importance"], "music": 3}}, "mixes columns and numbers"),
    ({"importance": {**dict.fromkeys(NAMES, 1.0), "music": float("nan")}}, "importance of music is not a number"),
    ({"importance": "stated"}, "needs responses"),
    ({"importance": "guessed"}, "is not known"),
    ({"importance": "derived"}, "needs the outcome"),
    ({"performance": "perception"}, "name the columns"),
    ({"crosshairs": "middle"}, "crosshairs='middle' is not known"),
    ({"crosshairs": "midpoint", "scale": None}, "give scale"),
    ({"scale": (7, 1)}, "lowest and the highest"),
    ({"draws": 10}, "100 or more"),
    ({"level": 95}, "between 0 and 1"),
    ({"of": "stores"}, "of='stores'"),
])  # fmt: skip
def test_bad_questions_are_refused_in_words(changes: dict[str, Any], words: str):
    with pytest.raises(SpecError, match=words):
        importance_performance(made(), **{**ASKED, **changes})


def test_bad_columns_and_outcomes_are_refused_in_words():
    with pytest.raises(DataError, match="has no column 'P_wait'"):
        importance_performance(made(), **{**ASKED, "performance": {**ASKED["performance"], "waiting": "P_wait"}})
    with pytest.raises(DataError, match="'often' in row 3"):
        importance_performance(
            made()
            .astype({"P_music": object})
            .pipe(lambda f: f.assign(P_music=[*f["P_music"][:3], "often", *f["P_music"][4:]])),
            **ASKED,
        )
    with pytest.raises(DataError, match="same answer"):
        importance_performance(made(y2=1.0), **{**DERIVED, "outcome": "y2"})
    with pytest.raises(DataError, match="music: does not vary"):
        importance_performance(made().assign(P_music=5), **DERIVED)
    with pytest.raises(SpecError, match="different units"):
        importance_performance(made(), crosshairs="diagonal", **DERIVED)
    with pytest.raises(SpecError, match="hence no middle"):
        importance_performance(made(), crosshairs="midpoint", **DERIVED, scale=(1, 7))


@pytest.mark.parametrize(("changes", "words"), [
    ({"owners": {"smile": "store"}}, "owners names smile"),
    ({"owners": {"music": "shop"}}, "music: 'shop'"),
    ({"reach": {"waiting": 0.5}}, "lacks staff"),
    ({"reach": {**dict.fromkeys(NAMES, 0.5), "music": 50}}, "music: 50"),
    ({"reach": "all"}, "reach='all'"),
    ({"top": 0}, "top=0"),
    ({"target": float("nan")}, "target=nan"),
    ({"scale": None}, "give scale"),
    ({"performance": None}, "performance is missing"),
])  # fmt: skip
def test_bad_priorities_are_refused_in_words(changes: dict[str, Any], words: str):
    with pytest.raises(SpecError, match=words):
        priorities(made(), **{**ASKED, **changes})


def test_two_items_are_not_pulled_and_that_is_said():
    asked = {key: {x: ASKED[key][x] for x in ("waiting", "staff")} for key in ("importance", "performance")}
    found = importance_performance(made(), **asked)
    assert "nothing is pulled and chances claim too much" in found.note()
    assert "未作收缩" in priorities(found, target=7).in_language("zh").note()


@pytest.mark.parametrize(("seed", "told"), [(4, True), (3, False)])
def test_another_likeliest_first_is_told(seed: int, told: bool):
    """Items perform alike, one is rated by people who hardly agree: it comes out on top, and is pulled back."""
    rng, names = np.random.default_rng(seed), [f"i{k}" for k in range(8)]
    frame = pd.DataFrame(rng.normal(5, 1.0, (60, 8)), columns=names)
    frame["i0"] = rng.normal(4.8, 5, 60)
    found = priorities(frame, importance={**dict.fromkeys(names, 1.0), "i5": 1.02}, performance=names, target=7)
    first = found.frame.set_index("item")["first"]
    assert told == (first.idxmax() != found.ranking()[0])
    assert told == (f"likelier to be first than the one at the top: {first.idxmax()} (" in found.note())
    assert told == (f"居首概率最大者并非排名第一者：{first.idxmax()}（" in found.in_language("zh").note())


def test_calibrated_weights_count_in_both_kinds_of_importance():
    frame = made()
    raked = rake(frame.drop(columns="w"), SampleDesign(clusters="store"), {"region": {"east": 300, "west": 700}})
    for asked in (ASKED, DERIVED):
        found = importance_performance(raked.data(), design=raked.design, **asked)
        assert np.isfinite(found.frame["chance"]).all()
        assert "Taylor" in found.note()
    assert "count as independent" in found.note()


def test_one_respondent_has_a_place_and_no_chance():
    found = importance_performance(made().head(1), **ASKED)
    assert found.frame["chance"].isna().all()
    assert (found.frame["quadrant"] != "").all()
    assert (found.frame["reason"] == "no error").all()
    assert "no chances" in found.to_string()
    assert priorities(found).frame["first"].isna().all()
    assert np.isnan(found.ellipse("music")).all()
