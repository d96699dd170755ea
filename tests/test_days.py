"""One reader of days for all tables: what Python's strptime reads in each spelling, and what may not be guessed anywhere."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from servqual.complaints.register import read_complaints
from servqual.instruments import load_instrument
from servqual.mystery.checklist import load_checklist
from servqual.mystery.issues import issue_times
from servqual.mystery.phases import phase_of
from servqual.mystery.visits import read_visits
from survey_design.errors import DataError, SpecError
from survey_design.files.days import NOT_A_DAY, NOT_A_TIME, days_in, times_in, zones_in
from survey_design.visits import audit_visits, plan_visits

SPELLINGS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"]
CLOCKS = ["%H:%M", "%H:%M:%S", "%H时%M分", "%H点%M分%S秒", "%I:%M %p"]
STORES = pd.DataFrame({"store": ["S1", "S2"], "area": "N", "tier": "core", "city_level": "central", "traffic": 9})
PEOPLE = pd.DataFrame({"inspector": [*"ABCDE"], "capacity": 9})


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_days_and_times_are_those_of_strptime(spelling):
    rng = np.random.default_rng(5)
    moments = pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 60 * 365 * 86400, 40), "s")
    texts = [moment.strftime(spelling) for moment in moments]
    truth = [datetime.strptime(text, spelling) for text in texts]
    assert days_in(texts).tolist() == truth
    bare = [text.replace("-0", "-").replace("/0", "/").replace("年0", "年").replace("月0", "月") for text in texts]
    assert days_in(bare).tolist() == truth
    for clock in CLOCKS:
        both = [moment.strftime(f"{spelling} {clock}") for moment in moments]
        assert times_in(both).tolist() == [datetime.strptime(text, f"{spelling} {clock}") for text in both]
        assert days_in(both).tolist() == truth


@pytest.mark.parametrize("cell", ["05/02/2026", "13/01/2026", "5.2.2026", "2月5日", "5 Mar 2026", "March", "2026-02-30",
                                  "2026-13-01", "2026-03", 46030, "", None, np.nan, pd.NaT])  # fmt: skip
def test_what_is_no_day_with_its_year_first_is_not_read(cell):
    assert days_in([cell]).isna().all()
    assert times_in([cell]).isna().all()


def test_times_of_frames_and_of_spreadsheets():
    cells = [
        pd.Timestamp("2026-03-05 10:30:15.5"),
        datetime(2026, 3, 5, 10),
        "２０２６年３月５日上午９点",
        "2026-03-05T10:00:00.250Z",
    ]
    assert [str(time) for time in times_in(cells)] == [
        "2026-03-05 10:30:15.500000", "2026-03-05 10:00:00", "2026-03-05 09:00:00", "2026-03-05 10:00:00.250000",
    ]  # fmt: skip
    assert days_in([20260305, 20260305.0]).dt.day.tolist() == [5, 5]
    assert times_in(["2026-03-05 25:00", "2026-03-05 about noon", "2026-03-05 10:61"]).isna().all()
    assert str(times_in(["2026-03-05 12:10 AM"])[0]) == "2026-03-05 00:10:00"
    aware = pd.Series(pd.to_datetime(["2026-03-05 23:30+08:00"]), index=[7])
    assert days_in(aware).to_dict() == {7: pd.Timestamp("2026-03-05")}
    assert zones_in(aware) == {"UTC+08:00"}


def visits(date):
    checklist = load_checklist("home-installation")
    frame = pd.DataFrame({"store": ["S1"], "date": [date], **{name: [1] for name in checklist.columns}})
    return read_visits(frame, checklist)


def history(date):
    return phase_of(pd.DataFrame({"store": ["S1"], "date": [date], "score": [90]}))


def previous(date):
    before = pd.DataFrame({"store": ["S1"], "inspector": ["A"], "date": [date]})
    return plan_visits(STORES, PEOPLE, start="2027-01", months=1, seed=1, previous=before)


def issues(date):
    return issue_times(pd.DataFrame({"store": ["S1"], "found": [date], "notified": None, "resolved": None}))


def complaints(date):
    table = pd.DataFrame({"item": ["REL1"], "received": [date]})
    return read_complaints(table, load_instrument("servqual-22"), until="2026-12-31")


@pytest.mark.parametrize("take", [visits, history, previous, issues, complaints])
def test_every_table_refuses_a_day_that_may_be_a_month_in_the_same_words(take):
    words = NOT_A_TIME if take in (issues, complaints) else NOT_A_DAY
    with pytest.raises(DataError) as caught:
        take("05/02/2026")
    assert words["en"] in set(caught.value.cases["problem"])
    for fine in ("2026年2月5日", "2026.2.5", "20260205"):
        take(fine)


def test_the_audit_says_which_dates_it_cannot_read():
    log = pd.DataFrame(
        {"store": "S1", "inspector": "A", "date": ["03/01/2026", "13/01/2026", "2026年1月3日", "2026.1.13"]}
    )
    audit = audit_visits(log)
    assert audit.frame["rule"].tolist() == ["unreadable", "unreadable", "rotation"]
    assert audit.frame.loc[2, ["date", "other_date"]].tolist() == ["2026-01-13", "2026-01-03"]
    assert NOT_A_DAY["en"] in str(audit)
    assert "请写作 2026-03-05" in str(audit.in_language("zh"))


def test_single_days_are_read_so_too():
    with pytest.raises(SpecError, match="holidays: '01/02/2027' can't be read as dates"):
        plan_visits(STORES, PEOPLE, start="2027-01", months=1, seed=1, holidays=["01/02/2027"])
    shut = [f"2027年1月{day}日" for day in range(1, 31)]
    assert set(plan_visits(STORES, PEOPLE, start="2027-01", months=1, seed=1, holidays=shut).frame["date"]) == {
        "2027-01-31"
    }
    scores = pd.DataFrame({"store": "S1", "date": ["2026-01-05", "2026-02-05", "2026-03-05"], "score": [90, 90, 10]})
    assert phase_of(scores, before="2026年3月1日").phases() == {"S1": "mature"}
    with pytest.raises(SpecError, match="before='03/01/2026' is not a date"):
        phase_of(scores, before="03/01/2026")


def test_clocks_of_two_zones_are_not_compared():
    log = pd.DataFrame(
        {"store": ["A"], "found": ["2026-03-05T10:00:00+08:00"], "notified": ["2026-03-05T10:30:00Z"], "resolved": None}
    )
    with pytest.raises(DataError, match=r"times of 2 time zones \(\+08:00, Z\)"):
        issue_times(log)
    one = issue_times(log.assign(notified="2026-03-05T10:30:00+08:00")).frame.iloc[0]
    assert one["hours_to_notify"] == 0.5
