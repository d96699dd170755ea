"""Trees of indicators: levels, directions, units, ways to 0 to 100, weights that multiply, scores with their coverage.

The numbers are worked by hand; identities hold for any tree: weights sum to 1 on every level, without gaps a total is the sum of products,
both ways of sharing out a missing weight agree where nothing is missing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual.index_weights import (
    Bounds,
    IndicatorTree,
    Percentile,
    Thresholds,
    TreeIndicator,
    available_indicator_trees,
    index_weights,
    load_indicator_tree,
    load_service_terms,
    rank_actions,
    score_tree,
)
from servqual.index_weights.tree_scores import TOTAL
from survey_design.errors import DataError, SpecError

TREE = IndicatorTree("shop", {"en": "Shop index", "zh": "门店指数"}, (
    TreeIndicator("people", {"en": "people", "zh": "人员"}, weight=0.6),
    TreeIndicator("smile", {"en": "smile", "zh": "微笑"}, "people", 0.75, Bounds(1, 5)),
    TreeIndicator("wait", {"en": "waiting time", "zh": "等候时间"}, "people", 0.25, Bounds(0, 20), "lower", {"en": "minutes", "zh": "分钟"}),
    TreeIndicator("place", {"en": "place", "zh": "环境"}, weight=0.4),
    TreeIndicator("clean", {"en": "cleanliness", "zh": "清洁"}, "place", 1.0, Thresholds(((60, 40), (80, 70), (95, 100)))),
))  # fmt: skip
VALUES = pd.DataFrame({"smile": [5, 3, 2], "wait": [10, 25, np.nan], "clean": [96, 80, np.nan]}, index=["A", "B", "C"])


def score_of(found, unit, indicator):
    rows = found.frame.set_index(["unit", "indicator"])
    return rows.loc[(unit, indicator), "score"]


def test_rule_15_five_evaluation_indicators_come_with_the_toolkit():
    tree = load_indicator_tree("service-five")
    assert tree.children("") == ("satisfaction", "reliability", "efficiency", "coverage", "personalisation")
    chinese = tree.in_language("zh").table().to_string()
    assert "来源：电信服务五项评价指标" in chinese
    for word in ("客户满意度", "服务可靠性", "服务效率", "服务覆盖范围", "个性化服务"):
        assert word in chinese
    assert len(load_indicator_tree("service-four").children("")) == 4
    assert len(load_indicator_tree("service-three").children("")) == 3


@pytest.mark.parametrize("name", available_indicator_trees())
def test_weights_of_shipped_trees_multiply_and_sum_to_1(name):
    tree = load_indicator_tree(name)
    assert tree.weights().sum() == pytest.approx(1, abs=1e-12)
    for node in tree.nodes:
        below = tree.children(node.id)
        if below:
            assert sum(tree.weight(child) for child in below) == pytest.approx(tree.weight(node.id))
            assert sum(tree.node(child).weight for child in below) == pytest.approx(1)
        assert set(node.label) >= {"en", "zh"}
    best = {node.id: _end(node, best=True) for node in tree.nodes if node.scale}
    worst = {node.id: _end(node, best=False) for node in tree.nodes if node.scale}
    found = score_tree(tree, pd.DataFrame([best, worst], index=["best", "worst"]))
    assert found.totals().to_dict() == pytest.approx({"best": 100, "worst": 0})


def _end(node, best):
    """The value that scores 100, or 0."""
    if isinstance(node.scale, Bounds):
        return node.scale.high if best == (node.better == "higher") else node.scale.low
    ends = [at for at, _ in node.scale.steps]
    if node.better == "higher":
        return max(ends) if best else min(ends) - 1
    return min(ends) if best else max(ends) + 1


def test_scores_worked_by_hand():
    found = score_tree(TREE, VALUES)
    assert TREE.weights().to_dict() == pytest.approx({"smile": 0.45, "wait": 0.15, "clean": 0.4})
    assert score_of(found, "A", "wait") == 50
    assert score_of(found, "A", "people") == pytest.approx(0.75 * 100 + 0.25 * 50)
    assert score_of(found, "A", TOTAL) == pytest.approx(0.6 * 87.5 + 0.4 * 100)
    assert score_of(found, "B", TOTAL) == pytest.approx(0.6 * (0.75 * 50 + 0) + 0.4 * 70)
    assert found.table(1).columns.tolist() == ["people", "place"]


def test_values_beyond_the_bounds_count_as_the_end_and_are_listed():
    found = score_tree(TREE, VALUES)
    case = found.outside.iloc[0]
    assert (case["unit"], case["row"], case["column"], case["value"], case["score"]) == ("B", 3, "wait", 25, 0)
    assert len(found.outside) == 1
    assert "1 value lies beyond the stated bounds" in found.note()
    assert "1 个取值超出设定界限" in found.in_language("zh").note()


def test_gaps_are_shared_out_and_coverage_is_said():
    found = score_tree(TREE, VALUES)
    rows = found.frame.set_index(["unit", "indicator"])
    assert rows.loc[("C", TOTAL), "coverage"] == pytest.approx(0.45)
    assert rows.loc[("C", TOTAL), "reason"] == "coverage"
    assert np.isnan(rows.loc[("C", TOTAL), "score"])
    assert rows.loc[("C", "people"), "coverage"] == pytest.approx(0.75)
    assert rows.loc[("C", "people"), "score"] == pytest.approx(25)
    assert rows.loc[("C", "place"), "reason"] == "nothing"
    low = score_tree(TREE, VALUES, minimum=0.4)
    assert low.totals()["C"] == pytest.approx(25)
    assert "no total" in found.sentence("C")
    assert "无总分" in found.in_language("zh").sentence("C")


def test_two_ways_of_sharing_out_a_missing_weight():
    values = pd.DataFrame({"smile": [np.nan], "wait": [10.0], "clean": [80.0]}, index=["A"])
    within = score_tree(TREE, values).totals()["A"]
    overall = score_tree(TREE, values, rebase="overall").totals()["A"]
    assert within == pytest.approx(0.6 * 50 + 0.4 * 70)
    assert overall == pytest.approx((0.15 * 50 + 0.4 * 70) / 0.55)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["within", "overall"]))
def test_without_gaps_the_total_is_the_sum_of_products(seed, rebase):
    rng = np.random.default_rng(seed)
    tree = TREE.with_weights(dict(zip(("people", "place"), rng.dirichlet([1, 1]), strict=True)))
    tree = tree.with_weights(dict(zip(("smile", "wait"), rng.dirichlet([1, 1]), strict=True)), under="people")
    values = pd.DataFrame(
        {"clean": rng.uniform(40, 100, 6), "wait": rng.uniform(0, 20, 6), "smile": rng.uniform(1, 5, 6)}
    )
    found = score_tree(tree, values, rebase=rebase)
    parts = found.table()[list(tree.leaves)]
    np.testing.assert_allclose(found.totals(), parts @ tree.weights(), atol=1e-9)
    shuffled = score_tree(tree, values.sample(frac=1, random_state=seed), rebase=rebase)
    np.testing.assert_allclose(shuffled.totals().reindex(values.index), found.totals())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-5, 25), min_size=3, max_size=20))
def test_scales_keep_the_order_and_stay_in_0_to_100(given_values):
    x = np.array(given_values)
    steps = Thresholds(((5, 100), (10, 60), (15, 20)))
    for scale in (Bounds(0, 20), steps, Percentile()):
        down = scale.score(x, "lower")
        assert ((down >= 0) & (down <= 100)).all()
        order = np.argsort(x, kind="stable")
        assert (np.diff(down[order]) <= 1e-9).all()
    np.testing.assert_allclose(Bounds(0, 20).score(x, "higher"), 100 - Bounds(0, 20).score(x, "lower"), atol=1e-9)
    np.testing.assert_allclose(Percentile().score(x, "higher"), [stats.percentileofscore(x, v, "mean") for v in x])
    by_hand = [100 if v <= 5 else 60 if v <= 10 else 20 if v <= 15 else 0 for v in x]
    np.testing.assert_allclose(steps.score(x, "lower"), by_hand)


def test_weights_of_any_method_hang_into_the_tree():
    points = pd.DataFrame({"people": [70, 50], "place": [30, 50]})
    tree = TREE.with_weights(index_weights(points, method="points"))
    assert tree.weights().to_dict() == pytest.approx({"smile": 0.45, "wait": 0.15, "clean": 0.4})
    with pytest.raises(SpecError, match="unknown"):
        TREE.with_weights({"people": 0.5, "plaec": 0.5})
    with pytest.raises(SpecError, match="nothing stands below"):
        TREE.with_weights({"a": 1.0}, under="smile")


def test_every_fault_of_a_tree_is_said_at_once():
    nodes = (
        TreeIndicator("a", {"en": "a"}, weight=0.5, scale=Bounds(0, 1)),
        TreeIndicator("a", {"en": "a"}, weight=0.6, scale=Bounds(0, 1)),
        TreeIndicator("b", {"en": "b"}, "nowhere", 1.0, Bounds(0, 1)),
        TreeIndicator("c", {"en": "c"}, weight=-0.1),
        TreeIndicator("d", {"en": "d"}, "e", 1.0),
        TreeIndicator("e", {"en": "e"}, "d", 1.0, Bounds(0, 1)),
        TreeIndicator("f", {"en": "f"}, weight=0.0, scale=Thresholds(((1, 90), (2, 10)))),
    )
    with pytest.raises(SpecError) as caught:
        IndicatorTree("bad", {"en": "bad"}, nodes)
    for words in ("'a' is there twice", "'nowhere', which is not there", "'c' has weight -0.1", "'c' has nothing below it",
                  "'e' stands over others", "in a circle: d, e", "'f': thresholds"):  # fmt: skip
        assert words in str(caught.value)
    with pytest.raises(SpecError, match=r"on the first level sum to 0\.7, not 1"):
        IndicatorTree("bad", {"en": "bad"}, (TreeIndicator("a", {"en": "a"}, weight=0.7, scale=Percentile()),))


def test_files_say_what_is_wrong_with_them(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'id = "m"\ntitle = "M"\ncolour = 1\n[[indicators]]\nid = "a"\nlabel = "a"\nweight = 1\nbounds = [5, 1]\nstep = 2\n',
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as caught:
        load_indicator_tree(path)
    for words in ("unknown key 'colour'", "unknown key 'step'", "bounds 5 to 1"):
        assert words in str(caught.value)
    path.write_text('id = "m"\ntitle = "M"\n[[indicators]]\nid = "a"\nlabel = "a"\nweight = 0.5\npercentile = true\n'
                    '[[indicators]]\nid = "b"\nlabel = "b"\nweight = 0.5\nbetter = "lower"\nbounds = [0, 10]\n', encoding="utf-8")  # fmt: skip
    tree = load_indicator_tree(path)
    found = score_tree(tree, pd.DataFrame({"a": [1, 2], "b": [0, 10]}))
    assert found.totals().tolist() == pytest.approx([62.5, 37.5])
    with pytest.raises(SpecError, match="Shipped: service-five"):
        load_indicator_tree("service-six")


def test_bad_values_are_said():
    with pytest.raises(DataError, match="people: headings are not measured") as caught:
        score_tree(TREE, VALUES.assign(people=1, noise=2))
    assert caught.value.cases["column"].tolist() == ["people", "noise"]
    with pytest.raises(DataError, match="no column 'clean'"):
        score_tree(TREE, VALUES.drop(columns="clean"))
    with pytest.raises(DataError, match="no number") as caught:
        score_tree(TREE, VALUES.astype(object).assign(wait=["ten", 5, "x"]))
    assert caught.value.cases["value"].tolist() == ["ten", "x"]
    with pytest.raises(DataError, match="more than once"):
        score_tree(TREE, pd.concat([VALUES, VALUES.head(1)]))
    with pytest.raises(SpecError, match="minimum"):
        score_tree(TREE, VALUES, minimum=2)
    with pytest.raises(SpecError, match="there is no unit"):
        score_tree(TREE, VALUES).sentence("Z")


def test_a_tree_and_its_scores_speak_both_languages():
    chinese = TREE.in_language("zh")
    assert "越低越好" in chinese.table().to_string()
    assert "lower is better" in TREE.table().to_string()
    found = score_tree(chinese, VALUES)
    assert found.sentence("A") == "A：总分 92.5（已测权重 100%），最高为环境 100.0，最低为人员 87.5。"
    assert (
        score_tree(TREE, VALUES).sentence("A")
        == "A: 92.5 in all (100% of the weight measured); best place 100.0, worst people 87.5."
    )
    before = VALUES.copy()
    score_tree(TREE, VALUES)
    pd.testing.assert_frame_equal(VALUES, before)


# --- needs, expectations and actions -----------------------------------------------------------------------


def test_rule_16_the_vocabulary_of_needs_actions_and_drivers():
    terms = load_service_terms("telecom")
    counts = {
        kind: len(terms.of(kind)) for kind in ("need", "expectation", "action", "driver", "monitoring", "improvement")
    }
    assert counts == {"need": 5, "expectation": 5, "action": 10, "driver": 6, "monitoring": 5, "improvement": 5}
    strategies = terms.of("strategy")
    assert [len(term.measures) for term in strategies] == [3] * 6
    assert len({str(measure) for term in strategies for measure in term.measures}) == 18
    relations = terms.relations()
    assert relations.shape == (10, 10)
    assert (
        (relations.to_numpy() > 0).sum(axis=0).tolist() == (relations.to_numpy() > 0).sum(axis=1).tolist() == [1] * 10
    )
    assert all(set(term.label) >= {"en", "zh"} for term in terms.terms)
    assert "实时监控与预警机制" in [term.label["zh"] for term in terms.of("monitoring")]


def test_actions_are_ranked_by_what_they_answer():
    table = pd.DataFrame({"train": [9, 3, 0], "build": [0, 9, 0]}, index=["speed", "care", "price"])
    found = rank_actions(table, {"price": 0.2, "care": 0.5, "speed": 0.3})
    assert found.frame["action"].tolist() == ["build", "train"]
    assert found.frame["priority"].tolist() == pytest.approx([4.5, 0.3 * 9 + 0.5 * 3])
    assert found.frame["most_for"].tolist() == ["care", "speed"]
    assert found.unanswered == ("price",)
    assert "No action answers: price." in found.note()
    assert "没有行动回应：price。" in found.in_language("zh").to_string()
    with pytest.raises(DataError, match="must be 0, 1, 3 or 9") as caught:
        rank_actions(table.astype(float).replace(9, 5), {"price": 0.2, "care": 0.5, "speed": 0.3})
    assert len(caught.value.cases) == 2
    with pytest.raises(SpecError, match="none for price"):
        rank_actions(table, {"care": 0.5, "speed": 0.5})
    with pytest.raises(SpecError, match="no terms"):
        load_service_terms("retail")
