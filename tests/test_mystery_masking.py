"""Visits are read without personal data: no name, number or address in any table that comes out, unless told otherwise."""

import pandas as pd
import pytest

from servqual.mystery import read_visits, score_visits
from servqual.mystery.checklist import Category, Checklist, ChecklistItem, Indicator
from survey_design.errors import DataError, SpecError

CHECKLIST = Checklist(
    "shop", "1", {"en": "Shop", "zh": "门店"}, (Category("look", {"en": "Look", "zh": "外观"}, 1.0),),
    (Indicator("clean", {"en": "Clean", "zh": "整洁"}, "look", 1.0),),
    (ChecklistItem("floor", {"en": "Floor", "zh": "地面"}, "clean"), ChecklistItem("desk", {"en": "Desk", "zh": "台面"}, "clean")),
)  # fmt: skip
PHONE, OTHER, MAIL = "13812345678", "13912345678", "li@example.com"
SECRETS = (PHONE, OTHER, MAIL, "王芳", "李娜", "张伟")
STORES = pd.DataFrame(
    {"store": ["A", "B"], "tier": ["core", "core"], "店长姓名": ["张伟", "张伟"], "tel": [OTHER, OTHER]}
)


def visits_of(**changed):
    return pd.DataFrame({
        "访问编号": ["v1", "v2", "v3", "v3"], "门店": ["A", "B", "B", "B"], "检查员姓名": ["王芳", "李娜", "王芳", "王芳"],
        "floor": ["是", "否", f"call {PHONE}", "是"], "desk": [1, 0, 1, 1], "minutes": [10, 12, 15, 15],
        "comment": ["好", f"请致电 {PHONE}", MAIL, "李女士 13912345678"], "phone": [int(PHONE), int(OTHER), int(PHONE), None],
    }).assign(**changed)  # fmt: skip


def read(frame=None, **options):
    frame = visits_of() if frame is None else frame
    return read_visits(frame, CHECKLIST, columns={"检查员姓名": "inspector"}, stores=STORES,
                       **{"faults": "set aside", **options})  # fmt: skip


def shown(visits):
    scores = score_visits(visits)
    texts = [visits.frame, visits.cases, visits.set_aside, visits.ledger, scores, scores.per_visit(), scores.veto_log()]
    return "\n".join(each.to_string() for each in texts) + visits.ledger.note() + scores.note()


def test_no_personal_data_come_out():
    visits = read()
    said = shown(visits) + visits.personal_data.to_string()
    assert not [secret for secret in SECRETS if secret in said]
    assert visits.frame["inspector"].tolist() == ["P0001", "P0002", "P0001"]  # who repeats keeps the code
    assert visits.frame["comment"].tolist() == ["好", "请致电 [phone]", "[e-mail]"]
    assert visits.frame["tel"].tolist() == ["[phone]"] * 3
    assert visits.frame["店长姓名"].tolist() == ["[name]"] * 3
    assert "call [phone]" in visits.cases["value"].tolist()
    assert visits.ledger.adds_up()
    assert visits.ledger.count("duplicate") == 1


def test_the_ledger_says_what_was_masked_in_both_languages():
    ledger = read().ledger
    assert "Personal data stood in 5 columns (name in 9 cells, phone number in 9 cells" in ledger.note()
    assert "5 列含有个人信息" in ledger.in_language("zh").note()
    assert "已遮蔽" in ledger.in_language("zh").note()
    clean = read_visits(visits_of()[["访问编号", "门店", "floor", "desk"]].assign(floor=1).head(3), CHECKLIST)
    assert clean.personal_data.frame.empty
    assert "ersonal" not in clean.ledger.note()


def test_scores_places_and_inspectors_do_not_depend_on_masking():
    masked, kept = read(), read(personal_data="keep")
    pd.testing.assert_frame_equal(score_visits(masked).frame, score_visits(kept).frame)
    same = ["visit", "store", "minutes", "tier", "flags"]
    pd.testing.assert_frame_equal(masked.frame[same], kept.frame[same])
    assert kept.personal_data is None
    assert kept.frame["inspector"].tolist() == ["王芳", "李娜", "王芳"]
    assert kept.frame["comment"].tolist()[1] == f"请致电 {PHONE}"


def test_errors_quote_masked_cells():
    with pytest.raises(DataError) as raised:
        read(faults="raise")
    assert PHONE not in str(raised.value) + raised.value.cases.to_string()
    assert "[phone]" in str(raised.value)


def test_codes_of_inspectors_stay_as_they_are():
    visits = read(visits_of(检查员姓名=["I01", "I02", "I01", "I01"]))
    assert visits.frame["inspector"].tolist() == ["I01", "I02", "I01"]


def test_codes_of_two_files_are_not_pooled():
    one, two = read(), read(visits_of(访问编号=["w1", "w2", "w3", "w3"]))
    with pytest.raises(SpecError, match="P0001 is somebody else"):
        one.joined_with(two)
    named = visits_of(检查员姓名="I01")
    joined = read(named).joined_with(read(named.assign(访问编号=["w1", "w2", "w3", "w3"])))
    assert joined.n == 6


def test_an_unknown_rule_is_refused():
    with pytest.raises(SpecError, match="personal_data"):
        read(personal_data="hide")
