"""Power of whole studies, by simulation.

Authorities: the noncentral t of two independent samples (statsmodels), for studies that are two simple samples; the level
of the test where no gap exists. Identities: the same table for any number of workers, found and failed studies add up,
power rises with n.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from servqual.inference import Student
from servqual.plots import new_axes, save_svg
from servqual.plots.power import draw_power
from servqual.power import Costs, GapsFound, StudyPower, as_responses, study_power
from servqual.proportions import proportion_interval
from servqual.simulate import DEFAULT_TRUTH, Fieldwork, SimulatedStudy, Truth, Variation, simulate_study, truth_table
from survey_design.errors import DataError, SpecError

DIMENSIONS = ["tangibles", "reliability", "responsiveness", "assurance", "empathy"]


# --- a world in which the power is known -------------------------------------------------------------------

CHAIN = pd.DataFrame(
    {
        "store": [f"S{k}" for k in range(12)],
        "tier": "only",
        "area_type": "only",
        "region": "only",
        "monthly_footfall": 1000,
    }
)
DROPS = {"TAN1": -0.55, "TAN2": -0.4, "REL1": -0.3, "RES1": -0.2, "ASS1": -0.1}  # in latent points; all others 0
EACH = 120


def plain(drops: dict[str, float]) -> Truth:
    """Two simple samples: one kind of store without effects, equal weights, the same spread on both sides."""
    return Truth(
        instrument="servqual-22",
        perception={"only": (4.0,) * 5},
        expectation={"only": (4.0,) * 5},
        perception_offsets=drops,
        expectation_offsets={},
        perception_variation=Variation(0.0, 0.0, 1.2),
        expectation_variation=Variation(0.0, 0.0, 1.2),
        store_sd=0.0,
        importance=(0.2,) * 5,
        drivers=(0.2,) * 5,
    )


PLAIN_PLAN = Fieldwork(visited={"only": 12}, interviews=EACH, expectation=EACH)


def rating(mean: float, sd: float = 1.2) -> tuple[float, float]:
    """Mean and variance of a normal value rounded to 1, ..., 7."""
    points = np.arange(1, 8)
    p = np.diff([0, *stats.norm.cdf((points[:-1] + 0.5 - mean) / sd), 1])
    return float(p @ points), float(p @ points**2 - (p @ points) ** 2)


@cache
def plain_power() -> StudyPower:
    find = GapsFound(what="item", adjust="none", interval=Student())
    return study_power(plain(DROPS), PLAIN_PLAN, seed=5, replicates=150, chain=CHAIN, find=find, level=0.999, workers=1)


def test_gaps_of_two_simple_samples_have_the_power_of_the_noncentral_t():
    from statsmodels.stats.power import TTestIndPower

    frame = plain_power().to_frame().set_index("name")
    known = {}
    for item, drop in DROPS.items():
        (e, ve), (p, vp) = rating(4.0), rating(4.0 + drop)
        known[item] = TTestIndPower().power((p - e) / np.sqrt((ve + vp) / 2), EACH, 0.05)
        assert frame.loc[item, "true"] == pytest.approx(p - e, abs=1e-12)
        assert frame.loc[item, "low"] <= known[item] <= frame.loc[item, "high"], item
    assert min(known.values()) < 0.15 < 0.85 < max(known.values()), "both ends of the curve are looked at"


def test_where_there_is_no_gap_finding_one_is_a_false_alarm_at_the_level_of_the_test():
    frame = plain_power().to_frame().set_index("name").drop(index=list(DROPS))
    assert (frame["true"].abs() < 1e-9).all()
    alarms, tests = frame["power"].sum() * 150, len(frame) * 150  # answers of different items are independent here
    low, high = proportion_interval(np.array([round(alarms)]), np.array([tests]), level=0.999)
    assert low[0] <= 0.05 <= high[0]
    assert frame["coverage"].to_numpy() == pytest.approx(1 - frame["power"].to_numpy(), abs=1e-12)


def test_a_gap_that_is_found_with_the_wrong_sign_is_not_found():
    study = simulate_study(plain({"TAN1": -1.5}), 1, chain=CHAIN, fieldwork=PLAIN_PLAN)
    turned = replace(study, truth=plain({"TAN1": 1.5}))
    find = GapsFound(what="item", adjust="none", interval=Student())
    right, wrong = (find(each).set_index("name").loc["TAN1"] for each in (study, turned))
    assert (right["found"], wrong["found"]) == (True, False)
    assert right["estimate"] == wrong["estimate"] < 0


# --- studies with stores ---------------------------------------------------------------------------------

TIERS = {"flagship_core": 4, "core": 4, "first_tier": 4, "hypermarket": 4, "cooperative": 4}
SMALL = Fieldwork(visited=TIERS, interviews=100, expectation=40)
PLANS = (SMALL, replace(SMALL, interviews=200, expectation=160))
STORES_SD = Variation(1.0, 1.0, 1.4)
NEAR = replace(  # gaps that small studies find now and then
    DEFAULT_TRUTH,
    perception=dict.fromkeys(TIERS, (5.2, 5.3, 5.4, 5.5, 5.6)),
    expectation=dict.fromkeys(DEFAULT_TRUTH.expectation, (5.6,) * 5),
    perception_offsets={},
    expectation_offsets={},
    perception_variation=STORES_SD,
)


@cache
def near_power() -> StudyPower:
    return study_power(NEAR, PLANS, seed=2, replicates=40, workers=1, costs=Costs(1000, 100, 20, 10), budget=10_000)


def test_power_rises_with_n_and_margins_fall():
    few, many = (near_power().to_frame().query("plan == @k").set_index("name") for k in (1, 2))
    assert (many["power"] >= few["power"] - 0.05).all()
    assert many["power"].sum() > few["power"].sum() + 0.5
    assert (many["margin"] < few["margin"]).all()
    for power in (few["power"], many["power"]):
        assert power["tangibles"] > power["responsiveness"] > power["empathy"], "larger gaps are found more often"


def test_intervals_hold_the_gap_of_these_stores():
    held = near_power().to_frame()["coverage"].mean()
    assert 0.90 < held < 0.99  # 400 intervals, the five of a study alike: standard error about 0.02


def test_found_counts_are_whole_and_everything_adds_up():
    frame = near_power().to_frame()
    assert np.allclose(frame["power"] * frame["n"], (frame["power"] * frame["n"]).round())
    assert (frame["n"] + frame["n_dropped"] == 40).all()
    low, high = proportion_interval((frame["power"] * frame["n"]).round(), frame["n"])
    assert np.allclose(frame["low"], low)
    assert np.allclose(frame["high"], high)
    assert frame["cost"].unique().tolist() == [1000 + 2000 + 2000 + 400, 1000 + 2000 + 4000 + 1600]


def test_the_true_gap_is_that_of_stores_like_these():
    from servqual.simulate import fictional_chain

    known = truth_table(NEAR, fictional_chain()).query("by == 'overall' and what == 'dimension'").set_index("id")["gap"]
    assert near_power().to_frame().query("plan == 1").set_index("name")["true"].to_dict() == pytest.approx(
        known.to_dict()
    )


@pytest.mark.parametrize(("what", "names"), [("total", ["mean"]), ("item", 22), ("dimension", DIMENSIONS)])
def test_gaps_of_every_kind_are_those_of_the_analysis(what, names):
    from servqual.gaps import score_gaps

    study = simulate_study(DEFAULT_TRUTH, 4, fieldwork=SMALL)
    found = GapsFound(what=what)(study)
    assert len(found) == names if isinstance(names, int) else found["name"].tolist() == names
    scores = score_gaps(as_responses(study)).to_frame(
        {"item": "items", "dimension": "dimensions", "total": "total"}[what]
    )
    gaps = scores.set_index(what)["gap"]
    assert found.set_index("name")["estimate"].to_dict() == pytest.approx(gaps[found["name"]].to_dict())


def test_gaps_by_group_are_named_after_it():
    found = GapsFound(by="tier")(simulate_study(DEFAULT_TRUTH, 4, fieldwork=SMALL))
    assert found["name"].tolist()[:2] == ["flagship_core · tangibles", "flagship_core · reliability"]
    assert len(found) == 25
    assert found["true"].notna().all()


# --- repeating it --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TopStore:
    """Is the store that customers rate best among the three that a study ranks first? Nothing true is stated."""

    best: int = 3

    def __call__(self, study: SimulatedStudy) -> pd.DataFrame:
        rated = study.intercept.groupby("store")["P_REL2"].mean().sort_values(ascending=False)
        there = study.stores.loc[study.stores["visited"] == 1, "store"]
        expected = study.truth.expected_ratings("perception", study.stores["tier"].tolist(), study.effects)
        true = pd.Series(expected.mean(axis=1), index=study.stores["store"])[there]
        return pd.DataFrame({"name": ["top store"], "found": [true.idxmax() in rated.index[: self.best]]})


@dataclass(frozen=True)
class Moody:
    """A statistic that fails now and then, and lacks a row now and then."""

    def __call__(self, study: SimulatedStudy) -> pd.DataFrame:
        if study.seed % 4 == 0:
            raise DataError("no answers from the east.")
        rows = pd.DataFrame({"name": ["always", "sometimes"], "found": [True, study.seed % 2 == 1]})
        return rows if study.seed % 3 else rows.head(1)


def test_the_table_is_the_same_for_any_number_of_workers_and_pieces(monkeypatch):
    alone = study_power(DEFAULT_TRUTH, PLANS, seed=9, replicates=12, find=TopStore(), workers=1)
    shared = study_power(DEFAULT_TRUTH, PLANS, seed=9, replicates=12, find=TopStore(), workers=2)
    pd.testing.assert_frame_equal(alone.to_frame(), shared.to_frame())
    monkeypatch.setattr("servqual.power._PIECE", 7)
    pieces = study_power(DEFAULT_TRUTH, PLANS, seed=9, replicates=12, find=TopStore(), workers=1)
    pd.testing.assert_frame_equal(alone.to_frame(), pieces.to_frame())
    other = study_power(DEFAULT_TRUTH, PLANS, seed=10, replicates=12, find=TopStore(), workers=1)
    assert other.to_frame()["power"].tolist() != alone.to_frame()["power"].tolist()


def test_a_ranking_is_plugged_in_and_more_places_find_more():
    narrow, wide = (study_power(DEFAULT_TRUTH, SMALL, seed=9, replicates=24, find=TopStore(best), workers=1)
                    for best in (1, 8))  # fmt: skip
    one, eight = (each.to_frame()["power"].item() for each in (narrow, wide))
    assert 0 < one < eight <= 1
    assert narrow.to_frame()[["true", "estimate", "margin", "coverage"]].isna().all(axis=None)
    assert "true" not in narrow.shown().columns
    assert narrow.shown()["what is there"].tolist() == ["top store"]
    said = wide.sentence(power=0.5)
    assert said.endswith("find all that was looked for with a power of 50% or more, as 24 simulated studies show.")
    assert (
        wide.in_language("zh")
        .sentence(power=0.5)
        .endswith("即能以至少 50% 的功效发现所查的全部内容（依据 24 次模拟研究的区间下限）。")
    )


def test_studies_that_fail_do_not_count_and_say_why():
    power = study_power(DEFAULT_TRUTH, SMALL, seed=3, replicates=80, find=Moody(), workers=1)
    seeds = [int(np.random.SeedSequence([3, 1, k]).generate_state(1)[0]) for k in range(80)]
    failed = sum(seed % 4 == 0 for seed in seeds)
    absent = sum(seed % 4 != 0 and seed % 3 == 0 for seed in seeds)
    assert 0 < failed < 40
    assert absent
    always, sometimes = power.to_frame().set_index("name").loc[["always", "sometimes"]].to_dict("records")
    assert (always["n"], always["n_dropped"]) == (80 - failed, failed)
    assert (sometimes["n"], sometimes["n_dropped"]) == (80 - failed - absent, failed + absent)
    odd = sum(seed % 4 != 0 and seed % 3 != 0 and seed % 2 == 1 for seed in seeds)
    assert sometimes["power"] == pytest.approx(odd / (80 - failed - absent))
    assert always["reason"] == f"{failed} × no answers from the east."
    assert sometimes["reason"] == f"{always['reason']}; {absent} × no such row in the study's table"
    assert power.failed == (failed,)
    assert f"{failed} studies could not be analysed and do not count" in power.note()
    assert f"{failed} 次研究无法分析，未计入" in power.in_language("zh").note()
    assert power.in_language("zh").shown()["原因"].iloc[1].endswith(f"{absent} × 该次研究的结果中没有这一行")
    assert power.title() == "Power of the study: what 80 simulated studies find"


def test_progress_is_told_and_ends_at_the_total():
    told = []
    study_power(
        DEFAULT_TRUTH, PLANS, seed=1, replicates=15, find=Moody(), workers=1, tell=lambda *now: told.append(now)
    )
    assert told == [(10, 30), (15, 30), (25, 30), (30, 30)]


def test_a_statistic_of_a_notebook_or_script_runs_in_this_process(tmp_path):
    script = tmp_path / "plan.py"
    script.write_text(
        "import os, json, pandas as pd\n"
        "from servqual.power import study_power\n"
        "from servqual.simulate import DEFAULT_TRUTH, Fieldwork\n"
        "places = set()\n"
        "def find(study):\n"
        "    places.add(os.getpid())\n"
        "    return pd.DataFrame({'name': ['all'], 'found': [True]})\n"
        f"plan = Fieldwork(visited={TIERS!r}, interviews=100, expectation=40)\n"
        "power = study_power(DEFAULT_TRUTH, plan, seed=1, replicates=12, find=find, workers=2)\n"
        "print(json.dumps([places == {os.getpid()}, int(power.frame['n'].item())]))\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, script], cwd=root, capture_output=True, text=True, timeout=60, check=False,
                          env={"PYTHONPATH": str(root), "PATH": ""})  # fmt: skip
    assert done.stderr == ""
    assert json.loads(done.stdout) == [True, 12]


def test_a_script_that_starts_processes_unguarded_is_told_what_it_needs(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from servqual.power import study_power\n"
        "from servqual.simulate import DEFAULT_TRUTH, Fieldwork\n"
        "study_power(DEFAULT_TRUTH, Fieldwork(), seed=1, replicates=20, workers=2)\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, script], cwd=root, capture_output=True, text=True, timeout=60, check=False,
                          env={"PYTHONPATH": str(root), "PATH": ""})  # fmt: skip
    assert done.returncode == 1
    assert "SpecError: the other processes could not start or were ended. A script needs if __name__" in done.stderr


# --- words and pictures --------------------------------------------------------------------------------------


def test_the_sentence_names_the_smallest_plan_that_suffices():
    power = near_power()
    frame = power.to_frame()
    largest = frame[(frame["true"].abs() >= 0.35)]
    by_plan = largest.groupby("plan")["low"].min()
    wanted = float(by_plan[2])
    assert by_plan[1] < wanted
    assert power.sufficient(wanted, 0.35) == 2
    assert power.sufficient(float(by_plan[1]), 0.35) == 1
    assert power.sufficient(min(wanted + 0.01, 0.999), 0.35) is None
    said = power.sentence(wanted, 0.35)
    assert said.endswith("% or more, as 40 simulated studies show.")
    assert said.startswith(
        "200 interviews in 20 stores and 160 customers asked for their expectations find all that is at least 0.35"
    )
    said = power.in_language("zh").sentence(wanted, 0.35)
    assert said.startswith("在 20 家门店完成 200 份访谈和 160 份期望调查，即能以至少")
    assert said.endswith("功效发现所有不小于 0.35 的差距（依据 40 次模拟研究的区间下限）。")


def test_the_sentence_says_so_where_no_plan_suffices():
    assert (
        near_power()
        .sentence(0.99, 0.01)
        .startswith("No plan is shown to find all that is at least 0.01 in size with a power of 99%: under")
    )
    assert "Empathy" in near_power().sentence(0.99, 0.01)
    said = near_power().in_language("zh").sentence(0.99, 0.01)
    assert said.startswith(
        "没有一个方案表明能以至少 99% 的功效发现所有不小于 0.01 的差距；最大方案下，40 次模拟研究中有 "
    )
    assert "发现“移情性”（区间 " in said
    with pytest.raises(SpecError, match="at_least=3 is more than any true effect: the largest is 0"):
        near_power().sentence(at_least=3)


def test_a_share_of_few_studies_is_not_called_a_power():
    """17 of 20 studies are 85%, and a power of 64% may lie behind them; 850 of 1,000 show that it is above 80%."""
    row = {"stores": 20, "interviews": 100, "expectation": 40, "cost": np.nan, "true": -0.5, "estimate": -0.5, "margin": 0.2,
           "coverage": 0.95, "n_dropped": 0, "reason": "", "plan": 1, "name": "empathy", "power": 0.85}  # fmt: skip
    said = {}
    for n in (20, 1000):
        low, high = proportion_interval(np.array([0.85 * n]), np.array([n]))
        frame = pd.DataFrame([{**row, "n": n, "low": low[0], "high": high[0]}])
        power = StudyPower(frame, plans=PLANS[:1], seed=1, replicates=n)
        said[n] = (power.sufficient(), power.sentence(), power.in_language("zh").sentence())
    assert said[20][0] is None
    assert said[20][1] == (
        "No plan is shown to find all that is at least 0.2 in size with a power of 80%: under the largest, Empathy is found in "
        "85% of 20 simulated studies, which leaves 64% to 95% open; more of them would decide."
    )
    assert said[20][2].endswith("20 次模拟研究中有 85% 发现“移情性”（区间 64% 至 95%），增加模拟次数方可判断。")
    assert said[1000][0] == 1
    assert said[1000][1].endswith("with a power of 80% or more, as 1,000 simulated studies show.")


def test_studies_that_often_reach_80_percent_by_chance_are_not_called_sufficient():
    """A power of 75%: 20 studies show 80% or more in four of ten tries, the lower bound reaches it in fewer than one of 40."""
    from scipy.stats import binom

    hits = np.arange(21)
    low, _ = proportion_interval(hits, np.full(21, 20))
    chance = binom.pmf(hits, 20, 0.75)
    assert chance[hits / 20 >= 0.8].sum() > 0.4
    assert chance[low >= 0.8].sum() < 0.025


def test_a_plan_beyond_the_budget_is_named():
    tight = replace(near_power(), budget=6000.0)
    assert tight.note().endswith("plan 2 costs more than the budget of 6,000.")
    assert tight.in_language("zh").note().endswith("方案 2 超出预算 6,000。")
    wanted = float(tight.to_frame().query("plan == 2 and true < -0.35")["low"].min())
    assert tight.sentence(wanted, 0.35).endswith("but cost more than the budget.")
    assert tight.in_language("zh").sentence(wanted, 0.35).endswith("，但超出预算。")
    assert replace(near_power(), budget=10.0).note().endswith("plans 1, 2 cost more than the budget of 10.")


def test_the_table_speaks_both_languages():
    english, chinese = near_power().shown(), near_power().in_language("zh").shown()
    assert english["what is there"].tolist()[:2] == ["Tangibles", "Reliability"]
    assert chinese["待发现的内容"].tolist()[:2] == ["有形性", "可靠性"]
    assert english.shape == chinese.shape
    assert "reason" not in english.columns, "nothing was dropped"
    assert near_power().in_language("zh").title() == "整个研究的功效：40 次模拟研究的发现"
    groups = study_power(NEAR, SMALL, seed=1, replicates=10, find=GapsFound(by="tier"), workers=1)
    assert groups.in_language("zh").shown()["待发现的内容"].iloc[0] == "flagship_core · 有形性"


def labels(ax) -> list[str]:
    return [text.get_text() for text in [*ax.texts, *ax.get_legend().get_texts()]]


def test_several_plans_are_lines_with_their_bands():
    frame, ax = near_power().to_frame(), near_power().plot(new_axes())
    lines = {line.get_label(): line for line in ax.lines}
    assert set(lines) == {*DIMENSIONS, "wanted"}
    for name in DIMENSIONS:
        own = frame[frame["name"] == name]
        assert lines[name].get_xdata() == pytest.approx(own["cost"])
        assert lines[name].get_ydata() == pytest.approx(100 * own["power"])
    bands = [c for c in ax.collections if c.get_label() == "band"]
    assert len(bands) == 5
    assert {"cost", "power of 80%"} <= set(labels(ax))
    assert save_svg(ax) == save_svg(near_power().plot(new_axes()))


def test_the_axis_is_what_tells_the_plans_apart():
    assert "exit interviews" in labels(
        draw_power(replace(near_power(), frame=near_power().frame.assign(cost=np.nan)), new_axes())
    )
    alike = near_power().frame.assign(cost=np.nan, interviews=100)
    assert "customers asked for their expectations" in labels(
        draw_power(replace(near_power(), frame=alike), new_axes())
    )
    nothing = alike.assign(expectation=40, stores=20)
    assert "plan" in labels(draw_power(replace(near_power(), frame=nothing), new_axes()))
    budget = replace(near_power(), budget=6000.0).plot(new_axes())
    assert [line.get_xdata()[0] for line in budget.lines if line.get_label() == "budget"] == [6000.0]


def test_of_many_things_the_hardest_are_named():
    first = pd.DataFrame({"name": [f"thing {k}" for k in range(9)], "power": np.linspace(0.9, 0.1, 9)})
    row = {"stores": 20, "expectation": 40, "cost": np.nan, "true": np.nan, "low": 0.05, "high": 0.95, "estimate": np.nan,
           "margin": np.nan, "coverage": np.nan, "n": 100, "n_dropped": 0, "reason": ""}  # fmt: skip
    frame = pd.concat([first.assign(plan=k, interviews=100 * k, **row) for k in (1, 2)], ignore_index=True)
    power = StudyPower(frame, plans=PLANS, seed=1, replicates=100)
    ax = power.plot(new_axes())
    named = [name for name in labels(ax) if name.startswith("thing")]
    assert sorted(named) == [f"thing {k}" for k in range(3, 9)]
    assert any("Grey: 3 others, found more often." in text.replace("\n", " ") for text in labels(ax))
    assert any("灰色：其余 3 项" in text.replace("\n", "") for text in labels(power.in_language("zh").plot(new_axes())))
    heights = sorted(text.xyann[1] for text in ax.texts if text.get_text().startswith("thing"))
    assert min(np.diff(heights)) >= 12 - 1e-9, "names do not touch"


def test_one_plan_is_rows_with_intervals():
    frame = near_power().frame.query("plan == 1")
    for language, first, word in (("en", "Tangibles", "power"), ("zh", "有形性", "功效")):
        ax = replace(near_power(), frame=frame, language=language).plot(new_axes())
        assert ax.get_yticklabels()[0].get_text() == first
        assert word in labels(ax)
        drawn = {c.get_label(): c for c in ax.collections}
        assert np.asarray(drawn["power"].get_offsets())[:, 0] == pytest.approx(100 * frame["power"].to_numpy())
        ends = np.array([path.vertices[:, 0] for path in drawn["interval"].get_paths()])
        assert ends == pytest.approx(100 * frame[["low", "high"]].to_numpy())
    with pytest.raises(SpecError, match="this result has none"):
        draw_power(replace(near_power(), frame=frame.head(0)))


# --- requests that cannot be met -----------------------------------------------------------------------------


def nothing(study):
    return None


def two_of_a_name(study):
    return pd.DataFrame({"name": ["a", "a"], "found": [True, False]})


def unsure(study):
    return pd.DataFrame({"name": ["a"], "found": [None]})


def never(study):
    raise DataError("nobody was asked.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plans": []}, "needs a plan"),
        ({"plans": [900]}, "needs a plan. Give a Fieldwork, or several."),
        ({"replicates": 9}, "replicates=9 say nothing about a chance: 10 or more"),
        ({"replicates": 20.5}, "replicates=20.5 say nothing"),
        ({"seed": -1}, "seed=-1 must be a whole number, 0 or more"),
        ({"level": 95}, "level=95 must lie between 0 and 1"),
        ({"workers": 0}, "workers=0 must be a whole number, 1 or more"),
        ({"budget": 100.0}, "budget=100.0 says nothing without costs"),
        ({"find": nothing}, "find must return a DataFrame with a row for each thing looked for"),
        ({"find": two_of_a_name}, "two rows named 'a'. Give each thing looked for a name of its own"),
        ({"find": unsure}, "found=None. Say True or False"),
        ({"find": never}, r"plan 1: none of 10 studies could be analysed. The first said: nobody was asked\."),
        (
            {"plans": Fieldwork(visited={"core": 4})},
            r"visited\['flagship_core'\]=0 must lie between 1 and its 4 stores",
        ),
    ],
)
def test_requests_that_make_no_sense(changes, words):
    plans = changes.pop("plans", SMALL)
    with pytest.raises(SpecError, match=words):
        study_power(DEFAULT_TRUTH, plans, **{"seed": 1, "replicates": 10, "workers": 1, **changes})


def test_costs_are_amounts():
    with pytest.raises(SpecError, match=r"costs store=-1, interview=nan cannot be used: give an amount of 0 or more"):
        Costs(store=-1, interview=float("nan"))


def test_choices_of_what_to_find_are_checked():
    with pytest.raises(SpecError, match=r"what='dimensions' is not known.*Did you mean 'dimension'"):
        GapsFound(what="dimensions")
    with pytest.raises(SpecError, match="by='region' is not known"):
        GapsFound(by="region")
    with pytest.raises(SpecError, match="level=5 must lie between"):
        GapsFound(level=5)
