"""Every number of gaps_kiosk.json (R 4.2.2, 194 kiosk users, paired), to the file's own tolerance."""

from __future__ import annotations

from pathlib import Path

import pytest

from servqual import Responses, load_instrument, score_gaps
from servqual.inference import adjust_p

KIOSK = Path(__file__).parent / "studies" / "kiosk-24.toml"


@pytest.fixture(scope="module")
def reference(shared):
    oracle = shared.oracle("gaps_kiosk.json")
    return oracle["results"], oracle["tolerance"]["default_rel"], oracle["tolerance"]["p_rel"]


@pytest.fixture(scope="module")
def responses(shared):
    return Responses(shared.frame("kiosk_servqual.csv"), load_instrument(KIOSK), respondent="id")


@pytest.fixture(scope="module")
def gaps(responses, reference):
    return score_gaps(responses, importance=reference[0]["overall_weighted"]["weights"])


def check_line(line, effect, entry, rel, p_rel):
    """One line of ours against one block of R's."""
    expected = {
        "n": entry["n"],
        "expectation": entry["mean_expectation"],
        "perception": entry["mean_perception"],
        "gap": entry["gap"],
        "se": entry["se_gap"],
        "low": entry["ci_low"],
        "high": entry["ci_high"],
        "df": entry["df"],
    }
    # a mean of answers 1..7 is exact to about 1e-15, so a gap near 0 is compared on that scale as well
    assert {name: line[name] for name in expected} == pytest.approx(expected, rel=rel, abs=1e-13)
    assert line["gap"] / line["se"] == pytest.approx(entry["t"], rel=rel, abs=1e-12)
    assert line["p"] == pytest.approx(entry["p_two_sided"], rel=p_rel)
    expected = {
        "sd_expectation": entry["sd_expectation"],
        "sd_perception": entry["sd_perception"],
        "sd_gap": entry["sd_gap"],
        "r": entry["r_expectation_perception"],
        "dz": entry["cohen_dz"],
        "dav": entry["cohen_dav"],
        "wilcoxon_v": entry["wilcoxon_V"],
    }
    assert {name: effect[name] for name in expected} == pytest.approx(expected, rel=rel, abs=1e-13)
    assert effect["wilcoxon_p"] == pytest.approx(entry["wilcoxon_p_normal_approx_cc"], rel=p_rel)


def effect_of(gaps, kind, name):
    frame = gaps.effects.to_frame()
    return frame[(frame["kind"] == kind) & (frame["measure"] == name)].iloc[0]


def test_all_24_items(gaps, reference):
    results, rel, p_rel = reference
    table = gaps.to_frame("items").set_index("item")
    assert len(results["items"]) == len(table) == 24
    for entry in results["items"]:
        name = f"{entry['item']:02d}"
        check_line(table.loc[name], effect_of(gaps, "item", name), entry, rel, p_rel)


def test_all_dimensions(gaps, reference):
    results, rel, p_rel = reference
    table = gaps.to_frame("dimensions").set_index("dimension")
    assert [entry["dimension"] for entry in results["dimensions"]] == list(table.index)
    for entry in results["dimensions"]:
        name = entry["dimension"]
        check_line(table.loc[name], effect_of(gaps, "dimension", name), entry, rel, p_rel)


def test_totals(gaps, responses, reference):
    results, rel, p_rel = reference
    table = gaps.to_frame("total").set_index("total")
    check_line(
        table.loc["mean"],
        effect_of(gaps, "total", "mean"),
        results["overall_unweighted_mean_of_dimensions"],
        rel,
        p_rel,
    )
    check_line(table.loc["weighted"], effect_of(gaps, "total", "weighted"), results["overall_weighted"], rel, p_rel)
    by_items = score_gaps(responses, total="items")
    line = by_items.to_frame("total").set_index("total").loc["mean"]
    check_line(line, effect_of(by_items, "total", "mean"), results["overall_mean_of_items"], rel, p_rel)


def test_p_adjusted(gaps, reference):
    results, _, p_rel = reference
    p = gaps.to_frame("items")["p"].to_numpy()
    assert gaps.to_frame("items")["p_adjusted"].tolist() == pytest.approx(results["p_adjusted"]["holm"], rel=p_rel)
    for ours, theirs in (("bonferroni", "bonferroni"), ("holm", "holm"), ("fdr_bh", "BH"), ("fdr_by", "BY")):
        assert adjust_p(p, ours).tolist() == pytest.approx(results["p_adjusted"][theirs], rel=p_rel)


def test_hotelling(gaps, reference):
    results, rel, p_rel = reference
    joint, expected = gaps.joint[0], results["hotelling_dimension_gaps"]
    assert [joint.t2, joint.f, joint.df1, joint.df2] == pytest.approx(
        [expected[k] for k in ("T2", "F", "df1", "df2")], rel=rel
    )
    assert joint.p == pytest.approx(expected["p"], rel=p_rel)


def test_difference_score_reliability(gaps, shared):
    oracle = shared.oracle("reliability_kiosk.json")
    table = gaps.diagnostics.to_frame().set_index("dimension")
    assert len(oracle["difference_score_reliability"]) == len(table) == 6
    for entry in oracle["difference_score_reliability"]:
        line = table.loc[entry["dimension"]]
        expected = {
            "alpha_expectation": entry["alpha_E"],
            "alpha_perception": entry["alpha_P"],
            "r": entry["r_EP"],
            "sd_expectation": entry["sd_E"],
            "sd_perception": entry["sd_P"],
            "reliability": entry["reliability_of_difference"],
        }
        assert {name: line[name] for name in expected} == pytest.approx(expected, rel=oracle["tolerance"]["alpha_rel"])
