"""Reading visits: whatever is wrong is named with its place, whatever is kept adds up with what is not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator, Level
from servqual.mystery.scores import score_visits
from servqual.mystery.visits import came_back, read_visits
from survey_design.errors import DataError, SpecError
from survey_design.sampling import SampleDesign

CHECKLIST = Checklist(
    "shop",
    "1.0",
    {"en": "Shop", "zh": "门店"},
    (Category("people", {"en": "People", "zh": "人员"}, 0.5), Category("place", {"en": "Place", "zh": "环境"}, 0.5)),
    (
        Indicator("attitude", {"en": "Attitude", "zh": "态度"}, "people", 1.0),
        Indicator("look", {"en": "Look", "zh": "整洁"}, "place", 1.0),
    ),
    (
        ChecklistItem("greet", {"en": "Greets", "zh": "主动问候"}, "attitude"),
        ChecklistItem("rude", {"en": "Not rude", "zh": "无粗暴言行"}, "attitude", veto=True),
        ChecklistItem(
            "clean", {"en": "Clean", "zh": "干净"}, "look", "graded",
            levels=(Level(0, 0, {"en": "dirty", "zh": "脏"}), Level(1, 0.5, {"en": "fair", "zh": "一般"}),
                    Level(2, 1, {"en": "clean", "zh": "干净"})),
        ),
        ChecklistItem("wait", {"en": "Wait", "zh": "等候"}, "look", "timed", limit=2, zero_at=10),
    ),
    valid_from=date(2026, 1, 1),
    valid_to=date(2026, 12, 31),
    evidence={"photos": 2},
)  # fmt: skip


def table(**changed):
    """Three good visits; a keyword replaces a column."""
    frame = pd.DataFrame({
        "visit": ["v1", "v2", "v3"], "store": ["A", "A", "B"], "date": ["2026-03-05", "2026-08-07", "2026-03-09"],
        "inspector": ["i1", "i2", "i1"], "mode": ["covert", "overt", "covert"],
        "scenario": ["enquiry", "real_purchase", "followed_purchase"], "exposed": ["no", "no", "no"],
        "greet": [1, 0, "NA"], "rude": [1, 1, 0], "clean": [2, 1, 0], "wait": [2, 6, 12.5],
    })  # fmt: skip
    return frame.assign(**changed)


NUMBER_TAKEN = (
    "number of another visit (other store, day or inspector): number visits through all stores, such as S001-1"
)


def fault(frame, match, **options):
    with pytest.raises(DataError, match=match) as caught:
        read_visits(frame, CHECKLIST, **options)
    return caught.value.cases


# --- what is read ------------------------------------------------------------------------------------------


def test_answers_become_shares():
    visits = read_visits(table(), CHECKLIST)
    np.testing.assert_array_equal(visits.shares.to_numpy(), [[1, 1, 1, 1], [0, 1, 0.5, 0.5], [np.nan, 0, 0, 0]])
    assert visits.ledger.adds_up()
    assert visits.frame["date"].tolist() == [
        pd.Timestamp("2026-03-05"),
        pd.Timestamp("2026-08-07"),
        pd.Timestamp("2026-03-09"),
    ]
    assert visits.cases.empty
    assert set(visits.frame["flags"]) == {""}


def test_chinese_headings_words_and_answers_read_the_same():
    chinese = pd.DataFrame({
        "访问编号": ["v1", "v2", "v3"], "门店": ["A", "A", "B"], "日期": ["2026年3月5日", "2026/8/7", "20260309"],
        "检查员": ["i1", "i2", "i1"], "方式": ["暗访", "明访", "暗访"], "情景": ["咨询", "实际购买", "跟随购买"],
        "是否暴露": ["否", "否", "否"], "主动问候": ["是", "否", "不适用"], "rude": ["是", "是", "否"],
        "clean": ["干净", "一般", "脏"], "wait": ["２", "6", "12.5"],
    })  # fmt: skip
    one, other = read_visits(table(), CHECKLIST), read_visits(chinese, CHECKLIST)
    pd.testing.assert_frame_equal(one.frame, other.frame)
    np.testing.assert_array_equal(one.answers.values, other.answers.values)


@pytest.mark.parametrize("kind", ["csv", "gb18030", "xlsx", "parquet"])
def test_files_read_as_frames_do(tmp_path, kind):
    frame = table(greet=["是", "否", "NA"]).astype(str)
    path = tmp_path / f"visits.{'csv' if kind == 'gb18030' else kind}"
    if kind == "xlsx":
        frame.to_excel(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, encoding="utf-8-sig" if kind == "csv" else "gb18030")
    visits = read_visits(path, CHECKLIST)
    np.testing.assert_array_equal(visits.answers.values, read_visits(table(), CHECKLIST).answers.values)
    assert visits.source.sha256


def test_long_answers_read_as_wide_ones():
    wide = table()
    long = wide.melt("visit", ["greet", "rude", "clean", "wait"], "item", "answer").sample(frac=1, random_state=1)
    visits = read_visits(wide.drop(columns=["greet", "rude", "clean", "wait"]), CHECKLIST, answers=long)
    np.testing.assert_array_equal(visits.answers.values, read_visits(wide, CHECKLIST).answers.values)


def test_faults_of_long_answers_are_all_named():
    long = table().melt("visit", ["greet", "rude", "clean", "wait"], "item", "answer")
    more = pd.DataFrame(
        {"visit": ["v9", "v1", "v1", "v2"], "item": ["greet", "smile", "greet", "greet"], "answer": [1, 1, 1, 1]}
    )
    cases = fault(table(), "4 faults|5 faults", answers=pd.concat([long, more], ignore_index=True))
    assert set(cases["problem"]) == {
        "answer to a visit that is not listed", "not an item of the checklist", "answered twice, alike",
        "answered twice, differently",
    }  # fmt: skip


def test_columns_can_be_mapped():
    frame = table().rename(columns={"store": "分店", "greet": "Q1"})
    visits = read_visits(frame, CHECKLIST, columns={"分店": "store", "Q1": "greet"})
    assert visits.frame["store"].tolist() == ["A", "A", "B"]
    with pytest.raises(DataError, match="no column 'Q9'"):
        read_visits(frame, CHECKLIST, columns={"Q9": "greet"})


def test_stores_are_joined():
    stores = pd.DataFrame({"门店": ["A", "B", "C"], "tier": ["core", "first_tier", "core"]})
    visits = read_visits(table(), CHECKLIST, stores=stores)
    assert visits.frame["tier"].tolist() == ["core", "core", "first_tier"]
    assert read_visits(table(), CHECKLIST, stores=stores, strata="tier").design == SampleDesign(
        strata="tier", clusters="store"
    )


# --- bad input: errors that name every cell, or rows set aside and counted ---------------------------------


@pytest.mark.parametrize(
    ("changed", "column", "problem"),
    [
        ({"store": ["A", None, "B"]}, "store", "no store named"),
        ({"visit": ["v1", "v2", "v1"]}, "visit", NUMBER_TAKEN),
        (
            {"visit": ["v1", "v2", "v1"], "store": [*"AAA"], "date": ["2026-03-05", "2026-08-07", "2026/3/5"]},
            "visit",
            "visit seen before",
        ),
        (
            {"date": ["2026-03-05", "46030", "2026-03-09"]},
            "date",
            "a spreadsheet's serial number, not a date: format the column as a date, or write 2026-03-05",
        ),
        ({"version": ["1.0", "2.0", "1.0"]}, "version", "not version 1.0 of the checklist"),
        ({"mode": ["covert", "secret", "overt"]}, "mode", "not one of covert, overt"),
        ({"scenario": ["enquiry", "theft", None]}, "scenario", "not one of enquiry, followed_purchase, real_purchase"),
        ({"exposed": ["no", "perhaps", "no"]}, "exposed", "not yes or no"),
        ({"date": ["2026-03-05", "2026-02-30", "2026-03-09"]}, "date", "not a date (write 2026-03-05)"),
        ({"greet": [1, 3, 0]}, "greet", "not an answer to 'greet' (1 Yes, 0 No)"),
        ({"clean": [2, 7, 0]}, "clean", "not an answer to 'clean' (0 dirty, 1 fair, 2 clean)"),
        ({"wait": [2, -1, 3]}, "wait", "not an answer to 'wait' (a number from 0)"),
        ({"wait": [2, "long", 3]}, "wait", "not an answer to 'wait' (a number from 0)"),
    ],
)
def test_a_fault_is_an_error_that_names_the_cell_or_is_set_aside(changed, column, problem):
    cases = fault(table(**changed), "fault")
    assert cases[["column", "problem"]].to_numpy().tolist() == [[column, problem]]
    assert cases["row"].tolist() == ([2] if changed.get("visit") else [1])
    visits = read_visits(table(**changed), CHECKLIST, faults="set aside")
    assert visits.ledger.adds_up()
    assert visits.n + len(visits.set_aside) == 3
    assert problem in set(visits.cases["problem"])


def test_all_faults_come_at_once():
    cases = fault(table(greet=[5, 6, 1], mode=["x", "covert", "y"]), "4 faults. mode: .*rows 0, 2.*greet: ")
    assert len(cases) == 4


def test_rows_of_files_count_the_header(tmp_path):
    path = tmp_path / "visits.csv"
    table(greet=[1, 5, 0]).to_csv(path, index=False)
    assert fault(path, r"visits.csv: 1 fault. greet: .* \(row 3, such as '5'\)")["row"].tolist() == [3]


def test_an_unknown_store_is_a_fault():
    stores = pd.DataFrame({"store": ["A"], "tier": ["core"]})
    assert fault(table(), "not in the list of stores", stores=stores)["value"].tolist() == ["B"]
    visits = read_visits(table(), CHECKLIST, stores=stores, faults="set aside")
    assert visits.ledger.count("unknown store") == 1
    assert visits.set_aside["fate"].tolist() == ["unknown store"]
    with pytest.raises(DataError, match="names A more than once"):
        read_visits(table(), CHECKLIST, stores=pd.concat([stores, stores]))


def test_blank_is_missing_and_not_the_same_as_not_applicable():
    visits = read_visits(table(greet=[1, "", "NA"], wait=[None, 6, 3]), CHECKLIST)
    counts = visits.ledger.frame.set_index("step")["n"]
    assert counts[["given", "not applicable", "blank", "wrong"]].tolist() == [9, 1, 2, 0]
    assert visits.frame["flags"].tolist() == ["answers missing", "answers missing", ""]


def test_a_visit_in_which_nothing_was_judged_is_set_aside():
    frame = table(greet=[1, "NA", 1], rude=[1, "NA", 1], clean=[1, "不适用", 1], wait=[1, "", 1])
    visits = read_visits(frame, CHECKLIST)
    assert visits.n == 2
    assert visits.ledger.count("nothing applicable") == 1
    with pytest.raises(DataError, match="none of its 3 visits can be used"):
        read_visits(table(**dict.fromkeys(["greet", "rude", "clean", "wait"], "NA")), CHECKLIST)


def test_a_veto_item_that_was_not_judged_is_flagged_and_violates_nothing():
    visits = read_visits(table(rude=[1, "NA", 1]), CHECKLIST)
    assert visits.frame["flags"].tolist() == ["", "veto not judged", ""]
    assert score_visits(visits).veto_log().frame.empty


def test_visits_outside_the_validity_are_flagged():
    visits = read_visits(table(date=["2025-12-31", "2026-12-31", "2027-01-01"]), CHECKLIST)
    assert visits.frame["flags"].tolist() == ["before validity", "", "after validity"]
    assert visits.ledger.count("kept") == 3


def test_rule_8_an_inspector_must_stay_away_for_more_than_three_months():
    log = pd.DataFrame(
        {"store": "A", "inspector": "i", "date": pd.to_datetime(["2026-01-15", "2026-04-15", "2026-07-16"])}
    )
    assert came_back(log).tolist() == [False, True, False]
    assert came_back(log.assign(inspector=["i", "j", "i"])).tolist() == [False, False, False]
    visits = read_visits(
        table(inspector=["i1", "i1", "i1"], date=["2026-03-05", "2026-06-05", "2026-03-06"]), CHECKLIST
    )
    assert visits.frame["flags"].tolist() == ["", "inspector back", ""]


def test_exposed_visits_and_short_evidence_are_flagged():
    frame = table(exposed=["是", "yes", "no"], photos=[2, 3, 1])
    visits = read_visits(frame, CHECKLIST)
    assert visits.frame["flags"].tolist() == ["exposed", "", "evidence missing"]  # an overt visit has nothing to hide
    assert visits.exposed.tolist() == [True, False, False]
    scores = score_visits(visits)
    assert scores.visits.n == 2
    assert scores.ledger.count("exposed") == 1
    assert scores.ledger.adds_up()
    assert score_visits(visits, exposed="in").visits.n == 3


def test_missing_columns_are_named():
    with pytest.raises(DataError, match="no column 'store'"):
        read_visits(table().drop(columns="store"), CHECKLIST)
    with pytest.raises(DataError, match="'wait'"):
        read_visits(table().drop(columns="wait"), CHECKLIST)


# --- visits together ---------------------------------------------------------------------------------------


def test_visits_of_one_checklist_join_and_of_two_do_not():
    one = read_visits(table(), CHECKLIST)
    other = read_visits(table(visit=["w1", "w2", "w3"], greet=[1, 1, 1]), CHECKLIST)
    both = one.joined_with(other)
    assert both.n == 6
    assert both.ledger.adds_up()
    np.testing.assert_array_equal(both.shares.to_numpy(), np.vstack([one.shares, other.shares]))
    with pytest.raises(DataError, match="stand in more than one file"):
        one.joined_with(one)
    from dataclasses import replace

    newer = replace(CHECKLIST, version="2.0")
    with pytest.raises(SpecError, match="different checklists are not pooled"):
        one.joined_with(read_visits(table(visit=["w1", "w2", "w3"]), newer))


def test_double_visits_become_ratings():
    visits = read_visits(table(double=["d1", "d1", None], date="2026-03-05"), CHECKLIST)
    ratings = visits.double_ratings()
    assert set(ratings["unit"]) == {"d1 greet", "d1 rude"}
    assert ratings.groupby("rater")["value"].sum().tolist() == [2.0, 1.0]


def test_agreement_is_not_flattered_by_dropping_half_way_disagreements():
    """Of graded items only those where both gave all or nothing would agree far more than all of them do."""
    generator = np.random.default_rng(8)
    frame = pd.DataFrame({"visit": [f"v{k}" for k in range(400)], "store": "A", "double": np.repeat(range(200), 2).astype(str),
                          "greet": 1, "rude": 1, "clean": generator.choice([0, 1, 2], 400, p=[0.05, 0.45, 0.5]), "wait": 2})  # fmt: skip
    visits = read_visits(frame, CHECKLIST)
    agreed = {}
    for keep in ("all", "ends"):
        graded = (
            visits.double_ratings(keep=keep)
            .query("item == 'clean'")
            .pivot(index="unit", columns="rater", values="value")
        )
        agreed[keep] = (graded[1] == graded[2]).mean()
    assert agreed["all"] == pytest.approx(0.4550, abs=0.1)
    assert agreed["ends"] > 0.75
    assert set(visits.double_ratings()["item"]) == {"greet", "rude"}
    with pytest.raises(SpecError, match="keep"):
        visits.double_ratings(keep="binary")


def test_an_inspector_was_there_even_where_the_visit_is_set_aside():
    frame = table(
        inspector=["i1", "i1", "i1"], date=["2026-03-05", "2026-04-07", "2026-03-06"], version=["0.9", "1.0", "1.0"]
    )
    visits = read_visits(frame, CHECKLIST, faults="set aside")
    assert visits.ledger.count("other version") == 1
    assert visits.frame["flags"].tolist() == ["inspector back", ""]


def test_of_three_answers_two_alike_none_is_taken():
    wide = table().drop(columns=["greet", "rude", "clean", "wait"])
    long = table().melt("visit", ["greet", "rude", "clean", "wait"], "item", "answer")
    more = pd.DataFrame({"visit": ["v1", "v1"], "item": ["greet", "greet"], "answer": [1, 0]})
    for order in (0, 1, 2):
        mixed = pd.concat([long, more], ignore_index=True).sample(frac=1, random_state=order)
        visits = read_visits(wide, CHECKLIST, answers=mixed, faults="set aside")
        assert np.isnan(visits.shares["greet"].iloc[0])
        assert visits.frame["flags"].iloc[0] == "answers missing"
        assert (visits.cases["problem"] == "answered twice, differently").sum() == 3


def test_it_says_what_it_is():
    visits = read_visits(table(), CHECKLIST)
    assert repr(visits) == "3 visits to 2 stores with Shop (version 1.0)"
    assert repr(visits.in_language("zh")) == "3 次访问，2 家门店，检查表：门店（第 1.0 版）"
    assert "访问去向台账" in str(visits.in_language("zh").ledger)


def test_a_visit_without_a_date_is_flagged_since_nothing_can_be_checked():
    visits = read_visits(table(date=["2026-03-05", None, ""]), CHECKLIST)
    assert visits.frame["flags"].tolist() == ["", "date missing", "date missing"]
    assert visits.ledger.count("kept") == 3


def test_evidence_of_an_item_is_looked_for_beside_its_answer():
    from dataclasses import replace

    items = tuple(
        replace(item, evidence={"photos": 2} if item.id == "clean" else {"characters": 5} if item.id == "rude" else {})
        for item in CHECKLIST.items
    )
    asked = replace(CHECKLIST, items=items, evidence={})
    frame = table(clean_photo=["a.jpg, b.jpg", "c.jpg", "d.jpg；e.jpg"], rude_note=["", "", "rude"], rude=[1, 1, 0])
    assert read_visits(frame, asked).frame["flags"].tolist() == ["", "evidence missing", "evidence missing"]
    told = frame.assign(rude_note=["", "", "shouted at a customer"], clean=[2, "NA", 0])
    assert read_visits(told, asked).frame["flags"].tolist() == ["", "", ""]  # nothing judged, nothing to show
    assert read_visits(table(), asked).frame["flags"].tolist() == ["", "", ""]  # no such columns: not checked


def test_a_flag_says_which_evidence_and_since_when():
    frame = table(inspector=["i1", "i1", "i1"], date=["2026-03-05", "2026-06-05", "2026-03-06"], photos=[2, 1, None])
    for checklist, back, short in (
        (CHECKLIST, "was here on 2026-03-05; may be back from 2026-06-06", ["photos: 1 of 2", "photos: 0 of 2"]),
        (
            CHECKLIST.in_language("zh"),
            "上次到访为 2026-03-05；2026-06-06 起方可再访",
            ["photos：1，应有 2", "photos：0，应有 2"],
        ),
    ):
        cases = read_visits(frame, checklist).cases
        assert cases["problem"].nunique() == 2
        assert cases["detail"].tolist() == [back, *short]


def test_problems_are_in_the_language_of_the_checklist_and_errors_in_english():
    frame = table(greet=[1, 3, 0], store=["A", None, "B"], wait=[2, -1, 3])
    cases = read_visits(frame, CHECKLIST.in_language("zh"), faults="set aside").cases
    assert cases["problem"].tolist() == [
        "未注明门店", "不是检查项“greet”的有效回答（1 是、0 否）", "不是检查项“wait”的有效回答（0 起的数值）",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"store: no store named.*greet: not an answer") as caught:
        read_visits(frame, CHECKLIST.in_language("zh"))
    assert caught.value.cases["problem"].tolist() == cases["problem"].tolist()


@pytest.mark.parametrize(
    ("given", "named"), [("visits.csv", "'visits.csv'"), (pd.DataFrame({"a": [1]}), "a DataFrame")]
)
def test_visits_that_were_not_read_are_refused_in_words(given, named):
    with pytest.raises(SpecError, match=f"score_visits takes visits .* not {named}.*read_visits"):
        score_visits(given)


def test_a_table_of_visits_has_no_such_column():
    with pytest.raises(DataError, match="the table of visits has no column 'tier'"):
        score_visits(read_visits(table(), CHECKLIST), by="tier")


# --- which column is which ---------------------------------------------------------------------------------

USUAL = ("visit", "store", "date", "inspector", "mode", "scenario", "exposed")


@pytest.mark.parametrize(
    "headings",
    [
        ("Visit no.", "Store ID", "Date of visit", "Mystery shopper", "Visit type", "Visit scenario", "Discovered"),
        ("visit-number", "Branch", "visit_date", "Shopper ID", "Type", "Scenario", "exposed"),
        ("访问序号", "门店名称", "检查时间", "检查员编号", "访问类型", "访问场景", "是否被识破"),
        ("编号", "营业厅", "访问时间", "神秘顾客编号", "暗访/明访", "类型", "身份暴露"),
        ("序号", "网点代码", "暗访日期", "检查员姓名", "检查类型", "情景", "暴露"),
    ],
)
def test_usual_headings_are_known(headings):
    """None of these was found before: covert and overt were pooled, rotation and validity not checked."""
    theirs = table().rename(columns=dict(zip(USUAL, headings, strict=True)))
    visits = read_visits(theirs, CHECKLIST, personal_data="keep")
    pd.testing.assert_frame_equal(visits.frame, read_visits(table(), CHECKLIST).frame)
    note = visits.ledger.note()
    assert f"store from '{headings[1]}'" in note or headings[1] == "门店"
    assert f"mode from '{headings[4]}'" in note
    assert "No column for agency (agencies can't be told apart), company" in note
    assert f"检查方式（取自“{headings[4]}”）" in visits.in_language("zh").ledger.note()


def test_codes_go_before_names_and_a_loose_heading_is_taken_only_where_the_cells_fit():
    frame = table(门店名称=["x", "x", "y"]).rename(columns={"store": "门店编号", "visit": "No", "mode": "Type"})
    visits = read_visits(frame, CHECKLIST)
    assert visits.frame["store"].tolist() == ["A", "A", "B"]
    assert visits.frame["门店名称"].tolist() == ["x", "x", "y"]
    kinds = frame.assign(Type=["flagship", "small", "small"], No=[1, 2, 1])
    visits = read_visits(kinds, CHECKLIST)
    assert "mode" not in visits.frame
    assert visits.frame["visit"].tolist() == ["row 1", "row 2", "row 3"]
    note = visits.ledger.note()
    assert "No column for visit (a visit that was entered twice is not found out), mode" in note
    assert "'Type' looks like mode and was not used; if so, write columns={'Type': 'mode'}" in note
    assert "“Type”像是检查方式，未采用；如果是，请写 columns={'Type': 'mode'}" in visits.in_language("zh").ledger.note()
    assert "门店名称" in note


def test_without_a_column_of_modes_the_scores_say_so():
    frame = table().rename(columns={"mode": "how they came"})
    scores = score_visits(read_visits(frame, CHECKLIST))
    assert "no column says which visits were covert and which overt" in scores.note()
    assert "columns={'how they came': 'mode'}" in scores.note()  # its cells say covert and overt
    assert "哪些是暗访、哪些是明访" in scores.in_language("zh").note()
    assert "covert and which" not in score_visits(read_visits(table(), CHECKLIST)).note()


def test_the_list_of_stores_lends_no_mode_or_date():
    stores = pd.DataFrame({"门店": ["A", "B"], "Type": ["mystery", "x"], "日期": ["1999-01-01"] * 2})
    frame = read_visits(table().drop(columns=["mode", "date"]), CHECKLIST, stores=stores).frame
    assert {"Type", "日期"} <= set(frame)
    assert not {"mode", "date"} & set(frame)


def test_inspectors_under_their_names_become_codes():
    for heading in ("检查员姓名", "Inspector name"):
        frame = table(inspector=["张三", "李四", "张三"]).rename(columns={"inspector": heading})
        visits = read_visits(frame, CHECKLIST)
        assert visits.frame["inspector"].tolist() == ["P0001", "P0002", "P0001"]


def test_items_are_found_by_their_text_and_number_and_never_twice():
    from dataclasses import replace

    items = (
        replace(CHECKLIST.items[0], text={"en": "Did staff greet you?", "zh": "是否主动问候？"}),
        *CHECKLIST.items[1:],
    )
    asked = replace(CHECKLIST, items=items)
    for heading in (
        "是否主动问候",
        "Did staff greet you?",
        "2. 主动问候",
        "Q1 Did staff greet you",
        "1、是否主动问候？",
    ):
        visits = read_visits(table().rename(columns={"greet": heading}), asked)
        assert visits.shares["greet"].tolist()[:2] == [1, 0]
    with pytest.raises(DataError, match="item 'greet' under 'greet' and '主动问候'") as caught:
        read_visits(table(主动问候=[0, 0, 0]), CHECKLIST)
    assert caught.value.cases["column"].tolist() == ["greet", "主动问候"]
    told = read_visits(table(主动问候=[0, 0, 0]), CHECKLIST, columns={"greet": "greet"})
    assert told.shares["greet"].tolist()[:2] == [1, 0]


def test_an_item_may_be_labelled_as_a_column_of_the_visit_is_called():
    from dataclasses import replace

    items = (replace(CHECKLIST.items[0], label={"en": "Photos", "zh": "日期"}), *CHECKLIST.items[1:])
    visits = read_visits(table(photos=[2, 2, 2]), replace(CHECKLIST, items=items))
    assert visits.shares["greet"].tolist()[:2] == [1, 0]
    assert visits.frame["photos"].tolist() == [2, 2, 2]


def test_a_missing_column_says_how_it_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no column 'store'.*Name it: columns=\{'heading in the file': 'store'\}"):
        read_visits(table().drop(columns="store"), CHECKLIST)
    with pytest.raises(DataError, match=r"no column 'wait'.*'wait' also as 'Wait'.*columns=\{'heading in the file'"):
        read_visits(table().drop(columns="wait"), CHECKLIST)
    with pytest.raises(DataError, match=r"no column 'double'.*one name for both visits of a pair"):
        read_visits(table(), CHECKLIST).double_ratings()
    path = tmp_path / "visits.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"说明": ["see the next sheet"]}).to_excel(book, sheet_name="说明", index=False)
        table().to_excel(book, sheet_name="数据", index=False)
    with pytest.raises(
        DataError, match=r"has no column 'store'\. It has: 说明\..*sheets '说明', '数据': choose one by sheet="
    ):
        read_visits(path, CHECKLIST)
    with pytest.raises(DataError, match=r"sheet 'Data' cannot be read: there is none\. It has: 说明, 数据"):
        read_visits(path, CHECKLIST, sheet="Data")
    with pytest.raises(DataError, match=r"sheet 7 cannot be read: there is none \(the first is 0\)\. It has: 说明"):
        read_visits(path, CHECKLIST, sheet=7)
    assert read_visits(path, CHECKLIST, sheet="数据").n == 3


def test_a_title_above_the_headings_of_a_sheet(tmp_path):
    path = tmp_path / "visits.xlsx"
    frame = table()
    pd.DataFrame([["Visits of March", *[""] * 10], list(frame), *frame.to_numpy(object).tolist()]).to_excel(
        path, index=False, header=False
    )
    with pytest.raises(DataError, match="header_rows=2"):
        read_visits(path, CHECKLIST)
    assert read_visits(path, CHECKLIST, header_rows=2).n == 3


def test_joined_files_lack_what_one_of_them_lacks():
    one = read_visits(table(), CHECKLIST)
    other = read_visits(table(visit=["w1", "w2", "w3"]).rename(columns={"mode": "how"}), CHECKLIST)
    assert "No column for mode" in one.joined_with(other).ledger.note()


# --- visits that are not what their number says -------------------------------------------------------------


def test_visits_numbered_anew_in_each_store_are_no_copies():
    frame = table(visit=[1, 2, 1], store=["A", "A", "B"])
    cases = fault(frame, "number of another visit .other store, day or inspector.: number visits through all stores")
    assert cases["detail"].tolist() == ["first in row 0: A, 2026-03-05"]
    visits = read_visits(frame, CHECKLIST, faults="set aside")
    assert (visits.ledger.count("number taken"), visits.ledger.count("duplicate")) == (1, 0)
    assert visits.ledger.adds_up()
    zh = read_visits(frame, CHECKLIST.in_language("zh"), faults="set aside").cases
    assert zh["detail"].tolist() == ["首次出现于第 0 行：A, 2026-03-05"]
    assert "请跨门店统一编号" in zh["problem"].iloc[0]


def doubles(**changed):
    """Five pairs of visits; the first is as it should be."""
    rows = [("D1", "A", "i", 5), ("D1", "A", "j", 7), ("D2", "A", "i", 5), ("D3", "A", "i", 5), ("D3", "B", "j", 5),
            ("D4", "A", "i", 5), ("D4", "A", "i", 6), ("D5", "A", "i", 5), ("D5", "A", "j", 25),
            ("D6", "A", "i", 5), ("D6", "A", "j", 5), ("D6", "A", "k", 5), (None, "C", "i", 5)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["double", "store", "inspector", "day"])
    frame["date"] = [f"2026-03-{day:02d}" for day in frame.pop("day")]
    return frame.assign(visit=[f"v{k}" for k in range(len(frame))], greet=1, rude=1, clean=2, wait=2, **changed)


def test_only_two_inspectors_of_one_store_about_the_same_time_agree_or_not():
    """By hand: D2 has no second, D3 is of two stores, D4 by one inspector, D5 20 days apart, D6 three visits."""
    visits = read_visits(doubles(), CHECKLIST)
    cases = visits.cases[visits.cases["column"] == "double"]
    told = cases.groupby("problem")["visit"].agg(list).to_dict()
    assert told == {
        "double visit without its second": ["v2"], "double visit to different stores": ["v3", "v4"],
        "double visit by one inspector": ["v5", "v6"], "double visit more than two weeks apart": ["v7", "v8"],
        "more than two visits under one double visit": ["v9", "v10", "v11"],
    }  # fmt: skip
    assert cases.set_index("visit")["detail"][["v2", "v3", "v10"]].tolist() == [
        "together with –", "together with v4", "together with v9, v11"
    ]  # fmt: skip
    assert set(visits.double_ratings()["double"]) == {"D1"}
    zh = read_visits(doubles(), CHECKLIST.in_language("zh")).cases
    assert {
        "双访仅有一次",
        "双访的门店不同",
        "双访由同一检查员完成",
        "双访相隔超过两周",
        "同一双访编号多于两次访问",
    } <= set(zh["problem"])


def test_a_double_visit_is_checked_as_far_as_is_known():
    known = doubles().drop(columns=["inspector", "date"])
    assert set(read_visits(known, CHECKLIST).double_ratings()["double"]) == {"D1", "D4", "D5"}


def test_visits_that_can_t_be_used_say_why():
    with pytest.raises(
        DataError, match=r"none of its 3 visits can be used \(made with another version of the checklist 3\)"
    ):
        read_visits(table(version="9"), CHECKLIST, faults="set aside")
