"""Weights by phase, traffic and tier: directions after the study plan (section 1.4), shares by hand, the audit as identity.

Rule 10 of the requirements: weights sum to 1, raised themes have a larger share than in the base, lowered ones a smaller
one, and what is raised markedly rises at least as much as the rest.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator, load_checklist
from servqual.mystery.phases import BANDS, PHASES, phase_of, traffic_bands
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import read_visits
from servqual.mystery.weight_rules import (
    APPLIED,
    SET_ASIDE,
    TAKEN_BACK,
    WeightRule,
    WeightRules,
    load_weight_rules,
    weigh_checklist,
)
from survey_design.errors import DataError, SpecError

TIERS = ("flagship_core", "core", "first_tier", "hypermarket", "cooperative")
CELLS = list(product(PHASES, BANDS, TIERS))
# What the plan says, written down here once more from the text and not from the rule table.
RAISED = {
    ("phase", "early"): {"service_norms", "environment_facilities", "onsite_management"},
    ("phase", "mature"): {
        "service_awareness",
        "service_ability",
        "service_results",
        "business_handling",
        "marketing_ability",
    },
    ("traffic", "high"): {"business_handling"},
    ("traffic", "low"): {"marketing_ability"},
    ("tier", "flagship_core"): {
        *("image_publicity", "product_demonstration", "service_experience", "process_quality", "after_sales")
    },
    ("tier", "first_tier"): {"service_affinity"},
    ("tier", "hypermarket"): {"service_affinity", "sales_service"},
}
LOWERED = {("phase", "mature"): {"service_affinity", "onsite_management"}}
MARKEDLY = {"business_handling", "marketing_ability"}


def text(words: str) -> dict[str, str]:
    return {"en": words, "zh": words}


def small(weights: list[float], themes: list[tuple[str, ...]]) -> Checklist:
    """One category whose indicators have these weights and themes, one item each."""
    indicators = [
        Indicator(f"k{k}", text(f"k{k}"), "all", weight, bears)
        for k, (weight, bears) in enumerate(zip(weights, themes, strict=True))
    ]
    items = [ChecklistItem(f"i{k}", text(f"i{k}"), f"k{k}") for k in range(len(weights))]
    return Checklist("small", "1", text("Small"), (Category("all", text("All"), 1.0),), tuple(indicators), tuple(items))


def rules_of(*rules: tuple[dict[str, str], tuple[str, ...], float]) -> WeightRules:
    themes = {theme: text(theme) for _, bears, _ in rules for theme in bears}
    listed = [
        WeightRule(f"r{k}", text(f"r{k}"), {name: (value,) for name, value in when.items()}, bears, factor)
        for k, (when, bears, factor) in enumerate(rules)
    ]
    return WeightRules("own", "1", text("Own"), tuple(listed), themes)


def shop(**what: object) -> pd.DataFrame:
    return pd.DataFrame([{"store": "A", "phase": "early", "traffic": "middle", "tier": "core", **what}])


def all_cells() -> pd.DataFrame:
    frame = pd.DataFrame(CELLS, columns=["phase", "traffic", "tier"])
    return frame.assign(store=["/".join(cell) for cell in CELLS])


# --- rule 10 -----------------------------------------------------------------------------------------------


def base_checklist(module: bool) -> Checklist:
    checklist = load_checklist("telecom-store")
    return checklist.with_module("marketing", weight=0.1) if module else checklist


@pytest.mark.parametrize("module", [False, True])
@pytest.mark.parametrize("cell", CELLS, ids="/".join)
def test_rule_10_weights_move_in_the_direction_of_the_plan(module, cell):
    """Every phase × traffic × tier: sum 1; raised themes larger, lowered smaller; the tier's word is the last."""
    checklist = base_checklist(module)
    phase, traffic, tier = cell
    weights = weigh_checklist(checklist, shop(phase=phase, traffic=traffic, tier=tier)).of("A")
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    base = checklist.indicator_weights
    met = [("phase", phase), ("traffic", traffic), ("tier", tier)]
    for k, indicator in enumerate(checklist.indicators):
        themes = set(indicator.themes)
        ups = [where for where in met if themes & RAISED.get(where, set())]
        downs = [where for where in met if themes & LOWERED.get(where, set())]
        if base[k] == 0:
            assert weights[k] == 0
        elif ups and (not downs or any(name == "tier" for name, _ in ups)):
            assert weights[k] > base[k], indicator.id
        elif downs and not ups:
            assert weights[k] < base[k], indicator.id


@pytest.mark.parametrize("module", [False, True])
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell[0] == "mature"], ids="/".join)
def test_rule_10_markedly_raised_ones_rise_at_least_as_much(module, cell):
    """Among indicators that only the phase moves, business handling and marketing rise at least as much as the others."""
    checklist = base_checklist(module)
    phase, traffic, tier = cell
    base = checklist.indicator_weights
    ratio = weigh_checklist(checklist, shop(phase=phase, traffic=traffic, tier=tier)).of("A") / np.where(
        base, base, np.nan
    )
    others = RAISED["phase", "mature"] - MARKEDLY
    elsewhere = RAISED.get(("traffic", traffic), set()) | RAISED.get(("tier", tier), set())
    marked, plain = [], []
    for k, indicator in enumerate(checklist.indicators):
        themes = set(indicator.themes)
        if themes & MARKEDLY:
            marked.append(ratio[k])  # further rules only raise these more
        elif themes & others and not themes & elsewhere:
            plain.append(ratio[k])
    assert plain
    assert np.nanmin(marked) >= np.nanmax(plain)


def test_rule_10_no_weight_is_taken_back_anywhere():
    for module in (False, True):
        frame = weigh_checklist(base_checklist(module), all_cells()).frame
        assert (frame["reason"] == "").all()


def test_every_theme_of_the_plan_is_borne_by_an_indicator():
    asked = set().union(*RAISED.values(), *LOWERED.values())
    checklist = load_checklist("telecom-store")
    assert set(load_weight_rules("store-focus").themes) == asked
    assert asked == {theme for indicator in checklist.indicators for theme in indicator.themes}
    assert weigh_checklist(checklist, all_cells()).unused == ()


# --- by hand and as identities -----------------------------------------------------------------------------


def test_weights_by_hand():
    """0.4, 0.15, 0.45 with factors 1.25, 1.5 · 1.25, 0.75, in fractions."""
    checklist = small([0.4, 0.15, 0.45], [("a",), ("b",), ("c",)])
    rules = rules_of(
        ({"phase": "mature"}, ("b",), 1.5), ({"phase": "mature"}, ("c",), 0.75), ({"traffic": "high"}, ("a", "b"), 1.25)
    )
    got = weigh_checklist(checklist, shop(phase="mature", traffic="high"), rules).of("A")
    parts = [Fraction(4, 10) * Fraction(5, 4), Fraction(15, 100) * Fraction(15, 8), Fraction(45, 100) * Fraction(3, 4)]
    np.testing.assert_allclose(got, [float(part / sum(parts)) for part in parts], rtol=1e-14)


def test_a_store_that_no_rule_is_about_keeps_the_base():
    checklist = small([0.3, 0.7], [("a",), ("b",)])
    rules = rules_of(({"tier": "kiosk"}, ("a",), 1.5))
    weights = weigh_checklist(checklist, shop(), rules)
    assert weights.of("A").tolist() == checklist.indicator_weights.tolist()
    assert weights.audit().frame.empty
    assert "0 of 1 store" in weights.sentence()


def test_two_themes_of_one_rule_count_once_and_two_rules_twice():
    checklist = small([0.5, 0.5], [("a", "b"), ()])
    once = weigh_checklist(checklist, shop(), rules_of(({"phase": "early"}, ("a", "b"), 3.0)))
    twice = weigh_checklist(
        checklist, shop(), rules_of(({"phase": "early"}, ("a",), 3.0), ({"phase": "early"}, ("b",), 3.0))
    )
    np.testing.assert_allclose(once.of("A"), [0.75, 0.25])
    assert once.audit().frame["themes"].tolist() == ["a, b"]
    assert once.audit().in_language("zh").shown()["主题"].tolist() == ["a、b"]
    np.testing.assert_allclose(twice.of("A"), [0.9, 0.1])


@pytest.mark.parametrize(("by_tier", "by_phase"), [(1.25, 0.75), (0.8, 1.5), (1.5, 0.75), (1.25, 0.8)])
def test_the_tiers_way_counts_where_rules_pull_both_ways(by_tier, by_phase):
    checklist = small([0.5, 0.5], [("a",), ()])
    rules = rules_of(({"phase": "mature"}, ("a",), by_phase), ({"tier": "first_tier"}, ("a",), by_tier))
    weights = weigh_checklist(checklist, shop(phase="mature", tier="first_tier"), rules)
    np.testing.assert_allclose(weights.of("A")[0], by_tier / (by_tier + 1))
    audit = weights.audit().frame.set_index("rule")
    assert audit["state"].to_dict() == {"r0": SET_ASIDE, "r1": APPLIED}
    assert weights.contested == 1
    assert "1" in weights.note()
    assert "门店层级规则为准" in weights.in_language("zh").note()


def test_without_a_tier_rule_factors_that_contradict_are_multiplied():
    checklist = small([0.5, 0.5], [("a",), ()])
    rules = rules_of(({"phase": "mature"}, ("a",), 0.75), ({"traffic": "high"}, ("a",), 1.25))
    weights = weigh_checklist(checklist, shop(phase="mature", traffic="high"), rules)
    np.testing.assert_allclose(weights.of("A")[0], 0.9375 / 1.9375)
    assert weights.contested == 0


def test_tiers_phases_and_bands_are_known_in_both_languages_and_any_case():
    shops = pd.DataFrame({"store": list("ABC"), "tier": ["flagship_core", "first_tier", "hypermarket"],
                          "traffic": ["high", "middle", "low"], "phase": ["early", "mature", "early"]})  # fmt: skip
    words = shops.assign(tier=["旗舰型核心店", "First-tier store", "超市店"], traffic=["大", "Middle", "小"],
                         phase=["初期", "明显改进以后", "Early"])  # fmt: skip
    checklist = load_checklist("telecom-store")
    coded, said = weigh_checklist(checklist, shops), weigh_checklist(checklist, words)
    np.testing.assert_array_equal(said.matrix, coded.matrix)
    assert set(said.audit().frame["rule"]) >= {"flagship", "first-tier", "hypermarket"}
    assert "No store has" not in said.note()


def test_a_tier_of_a_rule_that_no_store_has_is_told():
    rules = rules_of(({"tier": "flagship"}, ("a",), 2.0), ({"phase": "mature"}, ("a",), 2.0))
    weights = weigh_checklist(small([0.5, 0.5], [("a",), ("b",)]), shop(tier="旗舰型核心店", phase="early"), rules)
    assert weights.unmet == ()  # "flagship" is one of our own words
    assert weights.of("A").round(6).tolist() == [0.666667, 0.333333]
    kiosk = weigh_checklist(small([0.5, 0.5], [("a",), ("b",)]), shop(tier="kiosk", phase="early"), rules)
    said = f"No store has the tier flagship (rule '{rules.rules[0].id}'); stores have: kiosk."
    assert kiosk.note().endswith(said)
    assert kiosk.audit().note().endswith(said)
    assert "没有门店的层级为 flagship" in kiosk.in_language("zh").audit().note()
    assert "mature" not in kiosk.note()  # no store in a phase is nothing wrong


def test_affinity_of_a_mature_first_tier_store_is_raised():
    """The case the requirements name: the mature phase lowers affinity, the first tier stresses it."""
    checklist = load_checklist("telecom-store")
    weights = weigh_checklist(checklist, shop(phase="mature", tier="first_tier"))
    audit = weights.audit().frame.query("indicator == 'affinity'").set_index("rule")
    assert audit["state"].to_dict() == {"mature-lowered": SET_ASIDE, "first-tier": APPLIED}
    assert (audit["after"] > audit["before"]).all()


@st.composite
def studies(draw):
    k = draw(st.integers(2, 6))
    raw = np.array(draw(st.lists(st.integers(1, 20), min_size=k, max_size=k)), dtype=float)
    themes = draw(st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=3), min_size=k, max_size=k))
    checklist = small((raw / raw.sum()).tolist(), [tuple(each) for each in themes])
    conditions = [
        {"phase": "early"},
        {"phase": "mature"},
        {"traffic": "high"},
        {"tier": "core"},
        {"tier": "kiosk", "phase": "early"},
    ]
    made = draw(
        st.lists(
            st.tuples(
                st.sampled_from(conditions),
                st.lists(st.sampled_from("abcd"), unique=True, min_size=1, max_size=3).map(tuple),
                st.sampled_from([0.5, 0.75, 1.0, 1.25, 1.5, 2.0]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    stores = pd.DataFrame(
        list(product(PHASES, ["low", "high"], ["core", "kiosk"])), columns=["phase", "traffic", "tier"]
    )
    return checklist, rules_of(*made), stores.assign(store=range(len(stores)))


@settings(max_examples=80, deadline=None)
@given(studies())
def test_the_audit_is_complete(study):
    """For any rules: base × product of the factors listed as applied, renormalised, gives the weights, and rows sum to 1."""
    checklist, rules, stores = study
    weights = weigh_checklist(checklist, stores, rules)
    np.testing.assert_allclose(weights.matrix.sum(axis=1), 1, rtol=1e-12)
    audit = weights.audit().frame
    listed = audit[audit["state"] == APPLIED].groupby(["store", "indicator"])["factor"].prod()
    ids = [each.id for each in checklist.indicators]
    base = checklist.indicator_weights
    for s, store in enumerate(stores["store"]):
        moved = np.array([base[k] * float(listed.get((store, name), 1.0)) for k, name in enumerate(ids)])
        np.testing.assert_allclose(weights.matrix[s], moved / moved.sum(), rtol=1e-12)
    np.testing.assert_allclose(
        audit["after"], [weights.of(row.store)[ids.index(row.indicator)] for row in audit.itertuples()]
    )


@settings(max_examples=80, deadline=None)
@given(studies())
def test_a_weight_that_ends_against_its_factor_is_said(study):
    """The remark stands exactly where a raised factor ends in a smaller share, or a lowered one in a larger."""
    checklist, rules, stores = study
    for row in weigh_checklist(checklist, stores, rules).frame.itertuples():
        moved = row.weight / row.base - 1
        against = (row.factor > 1 and moved < -1e-9) or (row.factor < 1 and moved > 1e-9)
        if abs(moved) > 1e-6 or row.factor == 1:
            assert (row.reason == TAKEN_BACK) == against


@settings(max_examples=40, deadline=None)
@given(studies(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rules_nor_of_stores_matters(study, random):
    checklist, rules, stores = study
    turned = list(rules.rules)
    random.shuffle(turned)
    other = WeightRules(rules.id, rules.version, rules.title, tuple(turned), rules.themes)
    back = stores.iloc[::-1].reset_index(drop=True)
    one, two = weigh_checklist(checklist, stores, rules), weigh_checklist(checklist, back, other)
    np.testing.assert_allclose(two.for_stores(stores["store"]), one.matrix, rtol=1e-12)


# --- traffic and phase -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 6, 30, 300])
def test_terciles_hold_a_third_each(n):
    traffic = np.random.default_rng(n).permutation(np.arange(n)) ** 2
    bands = pd.Series(traffic_bands(traffic))
    assert bands.value_counts().to_dict() == {"low": n // 3, "middle": n // 3, "high": n // 3}
    assert traffic[bands == "low"].max() < traffic[bands == "middle"].min()
    expected = pd.qcut(pd.Series(traffic), 3, labels=["low", "middle", "high"]).astype(
        str
    )  # another program's terciles
    assert bands.tolist() == expected.tolist()


def test_equal_traffic_is_neither_low_nor_high():
    assert set(traffic_bands([500.0] * 7)) == {"middle"}


def test_a_store_without_traffic_gets_no_rule_for_it():
    assert traffic_bands([1, np.nan, 3, 2]) == ["low", None, "high", "middle"]
    assert traffic_bands([np.nan]) == [None]
    stores = pd.DataFrame({"store": list("ABCD"), "tier": "core", "phase": "early", "traffic": [1.0, np.nan, 3.0, 2.0]})
    audit = weigh_checklist(load_checklist("telecom-store"), stores).audit().frame
    assert set(audit.loc[audit["rule"].str.startswith("traffic"), "store"]) == {"A", "C"}


def test_thresholds_in_the_wrong_order():
    with pytest.raises(SpecError, match="high=10 lies below low=20"):
        traffic_bands([1, 2, 3], low=20, high=10)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_phases_against_a_loop(data):
    """The mean of the last visits, store by store, in plain Python."""
    n = data.draw(st.integers(1, 25))
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(data.draw(st.permutations(range(n))), unit="D")
    history = pd.DataFrame(
        {
            "store": data.draw(st.lists(st.sampled_from("ABC"), min_size=n, max_size=n)),
            "date": days,
            "score": data.draw(
                st.lists(st.sampled_from([60.0, 84.0, 85.0, 86.0, 100.0, np.nan]), min_size=n, max_size=n)
            ),
        }
    )
    visits = data.draw(st.integers(1, 3))
    before = data.draw(st.sampled_from([None, pd.Timestamp("2026-01-10")]))
    phases = phase_of(history, visits=visits, before=before)
    for store, phase in phases.phases().items():
        rows = sorted(
            (day, score)
            for name, day, score in zip(history["store"], history["date"], history["score"], strict=True)
            if name == store and score == score and (before is None or day < before)
        )
        last = [score for _, score in rows][-visits:]
        assert phase == ("mature" if len(rows) >= visits and sum(last) / len(last) >= 85 else "early")
    assert set(phases.phases()) == set(history["store"])


def test_phases_feed_the_weights():
    history = pd.DataFrame(
        {"store": ["A", "A", "B", "B"], "date": ["2026-01-01", "2026-02-01"] * 2, "score": [90, 80, 84, 85.9]}
    )
    phases = phase_of(history)
    assert phases.phases() == {"A": "mature", "B": "early"}
    stores = pd.DataFrame({"store": ["A", "B", "C"], "tier": "core", "traffic": ["middle"] * 3})
    weights = weigh_checklist(load_checklist("telecom-store"), stores, phase=phases)
    assert weights.profile["phase"].tolist() == ["mature", "early", "early"]
    assert "85" in phases.note()
    assert phases.in_language("zh").shown()["阶段"].tolist() == ["明显改进以后", "初期"]


def test_bad_histories_are_refused_with_their_rows():
    history = pd.DataFrame(
        {
            "store": ["A", None, "B", "B"],
            "date": ["2026-01-01", "2026-01-02", "soon", "2026-01-03"],
            "score": [90, 80, 70, 130],
        }
    )
    with pytest.raises(DataError) as caught:
        phase_of(history)
    assert sorted(zip(caught.value.cases["row"], caught.value.cases["column"], strict=True)) == [
        (3, "store"),
        (4, "date"),
        (5, "score"),
    ]
    with pytest.raises(SpecError, match="visits=0"):
        phase_of(history, visits=0)


# --- what is handed over -----------------------------------------------------------------------------------


def test_rows_for_visits_follow_their_stores():
    weights = weigh_checklist(load_checklist("telecom-store"), all_cells())
    wanted = [weights.stores[3], weights.stores[0], weights.stores[3]]
    np.testing.assert_array_equal(weights.for_stores(wanted), weights.matrix[[3, 0, 3]])
    with pytest.raises(DataError, match="no weights: 'Z'") as caught:
        weights.for_stores(["Z", weights.stores[0]])
    assert caught.value.cases["value"].tolist() == ["Z"]


def test_a_module_scored_apart_is_not_touched():
    checklist = load_checklist("telecom-store")
    weights = weigh_checklist(checklist, all_cells())
    apart = [k for k, each in enumerate(checklist.indicators) if checklist.category(each.category).module]
    assert (weights.matrix[:, apart] == 0).all()
    assert not set(weights.audit().frame["indicator"]) & {checklist.indicators[k].id for k in apart}


@pytest.mark.parametrize(("language", "said"), [("en", "Weight = base weight"), ("zh", "权重 = 基础权重")])
def test_results_speak_both_languages(language, said):
    weights = weigh_checklist(load_checklist("telecom-store"), all_cells().head(3), language=language)
    assert said in weights.to_string()
    assert ("handling of business" in weights.to_string().lower()) == (language == "en")
    audit = weights.audit().to_html()
    assert ("整洁有序" in audit) == ("服务亲和力" in audit) == (language == "zh")
    assert ("corporate image publicity" in audit) == (language == "en")
    assert "image_publicity" not in audit
    assert weights.sentence().endswith("." if language == "en" else "。")


def test_the_users_own_table_and_columns(tmp_path):
    """A copied table with another factor, and stores whose columns have other names."""
    from importlib import resources

    shipped = (resources.files("servqual.mystery") / "rules" / "store-focus.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(
        shipped.replace('themes = ["service_affinity"]\nfactor = 1.25', 'themes = ["service_affinity"]\nfactor = 2'),
        encoding="utf-8",
    )
    stores = pd.DataFrame(
        {"门店": ["甲", "乙"], "层级": ["first_tier", "core"], "客流": [100, 900], "阶段": ["early", "early"]}
    )
    before = stores.copy()
    weights = weigh_checklist(
        load_checklist("telecom-store"),
        stores,
        own,
        store="门店",
        tier="层级",
        traffic="客流",
        phase="阶段",
        low=50,
        high=500,
    )
    audit = weights.audit().frame
    assert audit.loc[audit["rule"] == "first-tier", ["store", "factor"]].to_numpy().tolist() == [["甲", 2.0]]
    assert weights.profile["traffic"].tolist() == ["middle", "high"]
    pd.testing.assert_frame_equal(stores, before)


# --- what can't be used ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column", "row"),
    [
        ({"store": ["A", "A"]}, "store", 3),
        ({"store": ["A", None]}, "store", 3),
        ({"tier": ["core", None]}, "tier", 3),
        ({"phase": ["late", "early"]}, "phase", 2),
        ({"traffic": ["much", "low"]}, "traffic", 2),
    ],
)
def test_stores_that_no_rule_can_read(change, column, row):
    stores = pd.DataFrame({"store": ["A", "B"], "tier": "core", "phase": "early", "traffic": "middle"}).assign(**change)
    with pytest.raises(DataError) as caught:
        weigh_checklist(load_checklist("telecom-store"), stores)
    assert caught.value.cases[["column", "row"]].to_numpy().tolist() == [[column, row]]


def test_a_column_that_the_rules_ask_for_is_missing():
    with pytest.raises(DataError, match="stores has no column 'tier'"):
        weigh_checklist(load_checklist("telecom-store"), shop().drop(columns="tier"))
    with pytest.raises(DataError, match=r"no column 'phase', .* Give phase=phase_of\(scores\)"):
        weigh_checklist(load_checklist("telecom-store"), shop().drop(columns="phase"))
    with pytest.raises(DataError, match="'area'"):
        weigh_checklist(
            load_checklist("telecom-store"), shop(), rules_of(({"area": "port"}, ("image_publicity",), 1.5))
        )


def test_every_fault_of_a_rule_table_is_named_with_its_line(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(
        """id = "own"
version = "1"
title = { en = "Own", zh = "自用" }
colour = "red"

[themes]
clean = { en = "clean", zh = "整洁" }

[[rules]]
id = "a"
label = { en = "A" }
when = { phase = "late" }
themes = ["clean", "tidy"]
factor = -1

[[rules]]
id = "a"
label = { en = "B", zh = "乙" }
themes = []
factor = "much"
weight = 2
""",
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as caught:
        load_weight_rules(path)
    message = str(caught.value)
    for said in (
        "rules.toml has 10 faults",
        "rules.toml, colour: the key is not known",
        "line 9, [[rules]] 1 'a', label.zh: the words in 'zh' are missing",
        "line 9, [[rules]] 1 'a', when phase: 'late' is not known; use early, mature",
        "line 9, [[rules]] 1 'a', themes: 'tidy' is not declared",
        "line 9, [[rules]] 1 'a', factor: -1 must be a number above 0",
        "line 16, [[rules]] 2 'a', id: 'a' occurs twice",
        "line 16, [[rules]] 2 'a', when: it names no condition",
        "line 16, [[rules]] 2 'a', themes: it names no theme",
        "line 16, [[rules]] 2 'a', factor: 'much' must be a number above 0",
        "line 16, [[rules]] 2 'a', weight: the key is not known",
    ):
        assert said in message, said


@pytest.mark.parametrize("garbage", [3, "x", [], {}, True, [1], [[]], [{}], {"en": 3}])
@pytest.mark.parametrize("key", ["id", "label", "when", "themes", "factor"])
def test_whatever_stands_in_a_rule_is_refused_in_words(tmp_path, key, garbage):
    kept = {
        "id": "'a'",
        "label": "{en = 'A', zh = '甲'}",
        "when": "{tier = 'core'}",
        "themes": "['t']",
        "factor": "1.5",
    }
    written = repr(garbage).replace("True", "true").replace(": ", " = ").replace("'en'", "en")
    lines = [f"{name} = {written if name == key else value}" for name, value in kept.items()]
    head = [
        "id = 'own'",
        "version = '1'",
        "title = {en = 'O', zh = '自'}",
        "themes = {t = {en = 't', zh = '题'}}",
        "[[rules]]",
    ]
    path = tmp_path / "own.toml"
    path.write_text("\n".join([*head, *lines]), encoding="utf-8")
    if (key, garbage) in (("factor", 3), ("id", "x")):
        assert len(load_weight_rules(path).rules) == 1
        return
    with pytest.raises(SpecError, match=r"own.toml has \d+ fault"):
        load_weight_rules(path)


def test_rule_tables_that_do_not_exist_or_are_no_toml(tmp_path):
    with pytest.raises(SpecError, match=r"no weight rules 'focus'\. Shipped: store-focus"):
        load_weight_rules("focus")
    broken = tmp_path / "broken.toml"
    broken.write_text("id = ", encoding="utf-8")
    with pytest.raises(SpecError, match=r"broken.toml is not valid TOML"):
        load_weight_rules(broken)
    broken.write_bytes("title = '门店'".encode("gb18030"))
    with pytest.raises(SpecError, match="not UTF-8"):
        load_weight_rules(broken)


def test_scores_are_weighed_with_each_stores_own_weights():
    """Two stores with the same faults and different weights: each total is its own weighted mean, in plain numpy."""
    checklist = load_checklist("telecom-store")
    stores = pd.DataFrame(
        {"store": ["A", "B"], "tier": ["first_tier", "core"], "phase": ["early", "mature"], "traffic": [1.0, 9.0]}
    )
    weights = weigh_checklist(checklist, stores)
    answers = {
        item.id: max(item.values or (0, item.target or 0), key=lambda value: float(item.shares(value)))
        for item in checklist.items
    }
    answers |= {"uniform": 0, "friendliness": 0, "request_settled": 1, "respect": 1}
    visits = read_visits(
        pd.DataFrame([{"visit": f"{store}{k}", "store": store, **answers} for store in "AB" for k in (1, 2)]), checklist
    )
    scores = (
        score_visits(visits, by="store", weights=weights).frame.query("part == 'total'").set_index("store")["final"]
    )
    value = {"appearance": 0.0, "affinity": 40.0, "solution": 60.0}
    indicators = np.array([value.get(each.id, 100.0) for each in checklist.indicators])
    np.testing.assert_allclose([scores["A"], scores["B"]], weights.matrix @ indicators, rtol=1e-12)
    assert scores["A"] < 100
    assert scores["A"] != pytest.approx(scores["B"])
