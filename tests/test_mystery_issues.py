"""Times of issues: medians of pandas, Wilson's interval of statsmodels where every store has one issue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from servqual.mystery.issues import issue_times
from survey_design.errors import DataError, SpecError
from survey_design.sampling import SampleDesign


def issues(n=40, seed=1):
    g = np.random.default_rng(seed)
    found = pd.Timestamp("2026-03-05 10:00") + pd.to_timedelta(g.integers(0, 90, n), "D")
    frame = pd.DataFrame(
        {"store": [f"S{k % 10}" for k in range(n)], "tier": np.where(np.arange(n) % 2, "core", "other"), "found": found}
    )
    frame["notified"] = found + pd.to_timedelta(g.integers(1, 300, n), "min")
    frame["resolved"] = found + pd.to_timedelta(g.integers(5, 2000, n), "min")
    frame.loc[g.random(n) < 0.2, "resolved"] = pd.NaT
    return frame


def test_counts_medians_and_the_share_on_the_spot():
    log = issues()
    row = issue_times(log, hours=4).frame.iloc[0]
    took = (log["resolved"] - log["found"]).dt.total_seconds() / 3600
    assert row["on_spot"] == (took <= 4).sum()
    assert row["open"] == log["resolved"].isna().sum()
    assert row["resolved"] + row["open"] == row["n"] == 40
    assert row["hours_to_resolve"] == pytest.approx(took.median())
    simple = issue_times(log, hours=4, design=SampleDesign()).frame.iloc[0]
    np.testing.assert_allclose(
        simple[["low", "high"]].astype(float), proportion_confint(row["on_spot"], 40, method="wilson")
    )


def test_groups_add_up_and_words_exist_in_both_languages():
    table = issue_times(issues(), by="tier", hours=4, language="zh")
    assert table.frame["n"].tolist() == [40, 20, 20]
    assert table.frame["on_spot"].iloc[0] == table.frame["on_spot"].iloc[1:].sum()
    assert "现场解决" in str(table)
    assert "个问题中" in table.sentence()
    assert "40 issues were resolved on the spot" in issue_times(issues()).sentence()


def test_chinese_headings_and_told_columns_are_known():
    log = issues()
    theirs = log.rename(columns={"store": "门店", "found": "发现时间", "notified": "告知", "resolved": "整改完成时间"})
    table = issue_times(theirs, columns={"告知": "notified"})
    pd.testing.assert_frame_equal(table.frame, issue_times(log).frame)
    with pytest.raises(DataError, match="no column 'told'"):
        issue_times(log, columns={"told": "notified"})


def test_impossible_times_are_all_named():
    log = issues(4).astype({"found": object, "notified": object})
    log.loc[0, "found"] = None
    log.loc[1, "notified"] = "tomorrow"
    log.loc[2, "notified"] = pd.Timestamp("2020-01-01")
    with pytest.raises(DataError, match="missing") as caught:
        issue_times(log)
    assert sorted(caught.value.cases["problem"]) == [
        "before it was found",
        "missing",
        "not a time (write 2026-03-05 14:30)",
    ]
    with pytest.raises(SpecError, match="hours=0"):
        issue_times(issues(), hours=0)
