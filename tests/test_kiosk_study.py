"""Real data through the command line: 194 kiosk users, own instrument file, every number of gaps_kiosk.json.

The data are copied into a temporary study folder; what is compared are the tables that ``servqual report`` wrote.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from servqual.cli import cli

KIOSK = Path(__file__).parent / "studies" / "kiosk-24.toml"
STUDY = """
title = "Self-service kiosks"
instrument = "kiosk-24.toml"

[responses]
file = "kiosk.csv"
respondent = "id"
selection = "convenience"

[importance]
{weights}
"""


@pytest.fixture(scope="module")
def reported(shared, tmp_path_factory):
    """The tables of the report, the reference, its tolerances, and the raw file before and after."""
    folder = tmp_path_factory.mktemp("kiosk")
    raw = shared.path("data", "kiosk_servqual.csv")
    oracle = shared.oracle("gaps_kiosk.json")
    shutil.copy(KIOSK, folder)
    shutil.copy(raw, folder / "kiosk.csv")
    before = (folder / "kiosk.csv").read_bytes()
    weights = oracle["results"]["overall_weighted"]["weights"]
    points = "\n".join(f"{name} = {100 * value:g}" for name, value in weights.items())
    (folder / "study.toml").write_text(STUDY.format(weights=points), encoding="utf-8")
    outcome = CliRunner().invoke(cli, ["report", str(folder), "--out", str(folder / "build")])
    assert outcome.exit_code == 0, outcome.output
    assert (folder / "kiosk.csv").read_bytes() == before
    assert (folder / "build" / "report.html").stat().st_size > 10_000

    def table(name):
        return pd.read_csv(folder / "build" / "tables" / f"{name}.csv", dtype={"item": str, "measure": str})

    return table, oracle["results"], oracle["tolerance"]


def same(line, entry, tolerance):
    expected = {"n": "n", "expectation": "mean_expectation", "perception": "mean_perception", "gap": "gap", "se": "se_gap",
                "low": "ci_low", "high": "ci_high", "df": "df"}  # fmt: skip
    assert {ours: line[ours] for ours in expected} == pytest.approx(
        {ours: entry[theirs] for ours, theirs in expected.items()}, rel=tolerance["default_rel"], abs=1e-13
    )
    assert line["p"] == pytest.approx(entry["p_two_sided"], rel=tolerance["p_rel"])


def same_effect(line, entry, tolerance):
    expected = {"sd_expectation": "sd_expectation", "sd_perception": "sd_perception", "sd_gap": "sd_gap", "dz": "cohen_dz",
                "r": "r_expectation_perception", "dav": "cohen_dav", "wilcoxon_v": "wilcoxon_V"}  # fmt: skip
    assert {ours: line[ours] for ours in expected} == pytest.approx(
        {ours: entry[theirs] for ours, theirs in expected.items()}, rel=tolerance["default_rel"], abs=1e-13
    )
    assert line["wilcoxon_p"] == pytest.approx(entry["wilcoxon_p_normal_approx_cc"], rel=tolerance["p_rel"])


def test_items_and_dimensions(reported):
    table, results, tolerance = reported
    effects = table("effects").set_index(["kind", "measure"])
    items, dimensions = table("items").set_index("item"), table("dimensions").set_index("dimension")
    assert (len(items), len(dimensions)) == (len(results["items"]), len(results["dimensions"])) == (24, 6)
    for entry in results["items"]:
        name = f"{entry['item']:02d}"
        same(items.loc[name], entry, tolerance)
        same_effect(effects.loc[("item", name)], entry, tolerance)
    for entry in results["dimensions"]:
        same(dimensions.loc[entry["dimension"]], entry, tolerance)
        same_effect(effects.loc[("dimension", entry["dimension"])], entry, tolerance)
    assert items["p_adjusted"].tolist() == pytest.approx(results["p_adjusted"]["holm"], rel=tolerance["p_rel"])


def test_totals_and_the_joint_test(reported):
    table, results, tolerance = reported
    total, effects = table("total").set_index("total"), table("effects").set_index(["kind", "measure"])
    for name, key in (("mean", "overall_unweighted_mean_of_dimensions"), ("weighted", "overall_weighted")):
        same(total.loc[name], results[key], tolerance)
        same_effect(effects.loc[("total", name)], results[key], tolerance)
    joint, expected = table("joint_test").iloc[0], results["hotelling_dimension_gaps"]
    shown = [joint[name] for name in ("t2", "f", "df1", "df2")]
    assert shown == pytest.approx([expected[name] for name in ("T2", "F", "df1", "df2")], rel=tolerance["default_rel"])
    assert joint["p"] == pytest.approx(expected["p"], rel=tolerance["p_rel"])
