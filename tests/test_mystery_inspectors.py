"""Inspectors who see many stores: errors that count them, against statsmodels' two-way clusters and by simulation."""

import numpy as np
import pandas as pd
import pytest

from servqual.dependability import dependability
from servqual.inference import Student
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
from servqual.mystery.inspectors import Seen
from servqual.mystery.scores import score_visits
from servqual.mystery.standings import store_standings
from servqual.mystery.visits import read_visits
from survey_design.errors import SpecError

CHECKLIST = Checklist(
    "shop", "1", {"en": "Shop", "zh": "门店"}, (Category("c", {"en": "All", "zh": "全部"}, 1.0),),
    (Indicator("k", {"en": "Speed", "zh": "速度"}, "c", 1.0),),
    (ChecklistItem("q", {"en": "Points", "zh": "得分"}, "k", type="timed", limit=0, zero_at=100),),
)  # fmt: skip


def visited(generator, pool=6, severity=30.0, stores=40, visits=12, each=3):
    """Visits of stores by a few of a pool of inspectors, whose severity stays with them; the truth is 60."""
    level, kind = generator.normal(0, 59.6**0.5, stores), generator.normal(0, severity**0.5, pool)
    who = np.array([np.repeat(generator.choice(pool, each, replace=False), visits // each) for _ in range(stores)])
    score = np.clip(60 + level[:, None] + kind[who] + generator.normal(0, 77.1**0.5, (stores, visits)), 0, 100).ravel()
    frame = pd.DataFrame({
        "visit": np.arange(stores * visits), "store": np.repeat(np.arange(stores), visits), "inspector": who.ravel(),
        "agency": np.where(who.ravel() < pool // 2, "a", "b"), "q": 100 - score,
    })  # fmt: skip
    return read_visits(frame.sample(frac=1, random_state=1), CHECKLIST, personal_data="keep")


def test_errors_are_those_of_two_way_clusters_in_statsmodels():
    import statsmodels.api as sm
    from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

    visits = visited(np.random.default_rng(4), pool=9)
    score = visits.answers.shares[:, 0] * 100
    store, who = (pd.factorize(visits.frame[name])[0] for name in ("store", "inspector"))
    fitted = sm.OLS(score, np.ones(len(score))).fit()
    both, first, second = cov_cluster_2groups(fitted, store, who, use_correction=True)
    assert score_visits(visits).row("total")["se"] == pytest.approx(float(first[0, 0]) ** 0.5, rel=1e-9)
    assert score_visits(visits, inspectors="any").row("total")["se"] == pytest.approx(
        float(both[0, 0]) ** 0.5, rel=1e-9
    )
    one = Seen.of(visits.frame).added((score - score.mean()) / len(score), np.zeros(len(score), int), 1)
    assert one[1][0] == pytest.approx(float(second[0, 0]), rel=1e-9)


def test_without_inspectors_own_ways_nothing_much_is_added_and_never_taken_away():
    wider = []
    for seed in range(8):
        visits = visited(np.random.default_rng(seed), severity=0.0)
        own, whole = (score_visits(visits, inspectors=whom).row("total")["se"] for whom in ("these", "any"))
        assert whole >= own - 1e-12
        wider.append(whole / own)
    assert np.median(wider) < 1.05


def test_coverage_of_the_mean_where_six_inspectors_are_severe_or_kind():
    generator, held = np.random.default_rng(1), {"these": 0, "any": 0}
    for _ in range(60):
        visits = visited(generator)
        for whom in held:
            row = score_visits(visits, inspectors=whom).row("total")
            held[whom] += int(row["low"] <= 60 <= row["high"])
    assert held["these"] < 48  # about 65%: the interval is about scores as these six give them
    assert held["any"] >= 51  # 92% of 200 studies


def test_a_difference_of_agencies_knows_that_each_has_a_few_inspectors():
    generator, held = np.random.default_rng(2), {"these": 0, "any": 0}
    for _ in range(60):
        scores = score_visits(visited(generator, pool=8, severity=9.3))
        for whom in held:
            row = scores.differences("agency", inspectors=whom).frame.iloc[0]
            held[whom] += int(row["low"] <= 0 <= row["high"])
    assert held["these"] < 51
    assert held["any"] >= 53


def test_the_note_says_whom_errors_speak_of_in_both_languages():
    scores = score_visits(visited(np.random.default_rng(3)))
    assert "as these 6 inspectors give them; of inspectors like these the total's standard error is" in scores.note()
    assert "误差针对这 6 名检查员给出的得分" in scores.in_language("zh").note()
    counted = score_visits(scores.visits, inspectors="any")
    assert "errors count stores and inspectors (6)" in counted.note()
    assert "误差计入门店与检查员（6 名）" in counted.in_language("zh").note()
    told = scores.differences("agency")
    assert "errors count stores and inspectors (6)" in told.note()
    assert "误差计入" in told.in_language("zh").note()
    assert "as these 6 inspectors" in scores.differences("agency", inspectors="these").note()


def test_one_inspector_says_nothing_of_others():
    visits = visited(np.random.default_rng(5))
    row = score_visits(visits, by="inspector", inspectors="any").frame.query("part == 'total'")
    assert row["low"].isna().all()
    assert (row["reason"] == "no df").all()
    alone = visits.chosen(visits.frame["inspector"].eq("1").to_numpy())
    assert Seen.of(alone.frame) is None
    for wrong, options in ((alone, {}), (visits, {"interval": Student()})):
        with pytest.raises(
            SpecError, match="several inspectors, named in a column 'inspector', and stores as clusters"
        ):
            score_visits(wrong, inspectors="any", **options)
    with pytest.raises(SpecError, match="inspectors"):
        score_visits(visits, inspectors="all")


def test_a_stores_visits_by_one_inspector_are_alike():
    visits = visited(np.random.default_rng(6), severity=400.0)
    frames = [
        score_visits(visits, by="store", inspectors=whom).frame.query("part == 'total'") for whom in ("these", "any")
    ]
    assert (frames[1]["se"].to_numpy() >= frames[0]["se"].to_numpy() - 1e-12).all()
    assert np.median(frames[1]["se"] / frames[0]["se"]) > 1.5  # a design effect of about 4 within the store
    assert set(frames[1]["df"]) <= {2.0, 11.0}


def test_a_difference_of_modes_says_what_else_it_pools():
    visits = visited(np.random.default_rng(7))
    visits.frame["mode"] = np.where(np.arange(visits.n) % 3 > 0, "covert", "overt")
    told = score_visits(visits).differences("mode")
    assert "pooled over agency (" in told.note()
    assert "合并了不同的执行机构" in told.in_language("zh").note()
    assert "pooled over mode" not in told.note()


def test_store_intervals_say_that_visits_by_one_inspector_are_not_independent():
    """Twelve visits by three inspectors: stores' own intervals hold too seldom, those that know inspectors hold."""
    generator, held, n = np.random.default_rng(5), [0, 0], 0
    for _ in range(6):
        level = generator.normal(0, 59.6**0.5, 40)
        kind, who = (
            generator.normal(0, 30**0.5, 24),
            np.array([np.repeat(generator.choice(24, 3, replace=False), 4) for _ in range(40)]),
        )
        score = np.clip(60 + level[:, None] + kind[who] + generator.normal(0, 77.1**0.5, who.shape), 0, 100).ravel()
        frame = pd.DataFrame(
            {"visit": np.arange(480), "store": np.repeat(np.arange(40), 12), "inspector": who.ravel(), "q": 100 - score}
        )
        found = store_standings(score_visits(read_visits(frame, CHECKLIST)), draws=200)
        told = found.frame.assign(truth=60 + level[found.frame["store"].astype(int)])
        known = dependability(frame.assign(score=score), score="score", replicates=100).stores().frame
        known["truth"] = 60 + level[known["object"].astype(int)]
        for k, table in enumerate((told, known)):
            held[k] += int(((table["low"] <= table["truth"]) & (table["truth"] <= table["high"])).sum())
        n += 40
    assert held[0] < 0.89 * n  # 84% in 1,000 stores
    assert held[1] > 0.92 * n  # 95%
    assert "in 40 of 40 stores an inspector made more than one visit" in found.note()
    assert "40 家中有 40 家由同一检查员多次访问" in found.in_language("zh").note()


def test_weights_that_cannot_be_are_refused_by_name():
    visits = visited(np.random.default_rng(9), stores=2)
    good = pd.DataFrame({"k": [1.0, 1.0]}, index=["0", "1"])
    assert score_visits(visits, weights=good).row("total")["n"] == 24
    with pytest.raises(SpecError, match="weights name 0 more than once"):
        score_visits(visits, weights=pd.DataFrame({"k": [1.0, 1.0, 1.0]}, index=["0", "0", "1"]))
    with pytest.raises(SpecError, match=r"the weight of 'k' in store '1' is −1"):
        score_visits(visits, weights=pd.DataFrame({"k": [1.0, -1.0]}, index=["0", "1"]))
