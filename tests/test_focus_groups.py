"""Focus groups: the study plan's rules (1-2 sessions, seven dimensions), chances against scipy and simulation, quotas that add up."""

from __future__ import annotations

import re
import tomllib
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey_design.errors import SpecError
from survey_design.focus_groups import (
    GUIDES,
    QUOTAS,
    SessionCosts,
    discussion_guide,
    heard_share,
    invited_for,
    plan_focus_groups,
)

CITIES = ["Guangzhou", "Wuhan", "Xi'an"]
COSTS = SessionCosts(city=3000, session=5000, incentive=200, recruiting=50, currency="CNY")


# --- the study plan's own numbers --------------------------------------------------------------------------


def test_three_cities_two_segments_one_to_two_sessions_are_six_to_twelve():
    """Requirements, section 2.1 (derived there): 3 cities x 2 segments x 1-2 sessions = 6-12 sessions."""
    sizes = [len(plan_focus_groups(CITIES, sessions_per_segment=k).frame) for k in (1, 2)]
    assert sizes == [6, 12]


def test_two_main_segments_and_one_to_two_sessions_each():
    """Requirements, section 3 item 4: 1-2 sessions per segment, two main segments; less or more is flagged."""
    usual = [plan_focus_groups(CITIES, sessions_per_segment=k) for k in (1, 2)]
    assert [set(plan.segments) for plan in usual] == [{"business", "ordinary"}] * 2
    assert [plan.cautions() for plan in usual] == [(), ()]
    many = plan_focus_groups(CITIES, sessions_per_segment=3)
    assert set(many.frame["caution"]) == {"many"}
    assert "More than 2 sessions" in many.note()
    assert "多于 2 场" in many.in_language("zh").note()
    none = plan_focus_groups(CITIES, sessions_per_segment={"business": 0, "ordinary": 2})
    assert "No session is held with business customers" in none.note()
    assert "没有安排商务客户的场次" in none.in_language("zh").note()


def test_guide_counts():
    """Requirements, section 3 items 2 and 3: 7 demand dimensions, 6 touchpoints, 7 elements, 2 service standards."""
    guide = discussion_guide(guide="telecom")
    assert list(guide.frame.loc[guide.frame["kind"] == "dimension", "block"]) == [
        *("business_demand", "service_information", "product_demand", "service_functions"),
        *("service_elements", "service_standards", "service_delivery"),
    ]
    codes = guide.codes().groupby("dimension")["zh"].apply(list)
    assert codes["business_demand"] == ["手机", "3C 数码产品", "配件", "套卡"]
    assert codes["service_functions"] == ["产品咨询", "销售过程", "付款买单", "开卡缴费", "售后服务", "投诉建议"]
    assert codes["service_elements"] == ["便捷性", "安全性", "可靠性", "灵活性", "选择性", "及时性", "准确性"]
    assert len(codes["service_functions"]) * len(codes["service_elements"]) == 42
    assert codes["service_standards"] == ["服务时限", "服务成功率"]
    assert codes["service_delivery"] == ["产品质量", "服务质量"]


def test_the_general_guide_names_no_trade_and_codes_as_the_telecom_one_does():
    general, telecom = discussion_guide(), discussion_guide(guide="telecom")
    said = [text for table in (general.frame, general.questions(), general.codes(), general.screening())
            for text in table[[name for name in table if name.split("_")[-1] in ("en", "zh")]].to_numpy().ravel()]  # fmt: skip
    assert len(said) > 150
    traded = re.compile(r"phone|telecom|\bSIM\b|computer|camera|手机|通信|电讯|套卡|3C|电脑|相机", re.IGNORECASE)
    assert [text for text in said if traded.search(text)] == []
    assert traded.search(" ".join(telecom.questions()["en"]))
    assert traded.search("".join(telecom.questions()["zh"]))
    for key, table in (("code", "codes"), ("id", "screening"), ("block", "questions")):
        assert list(getattr(general, table)()[key]) == list(getattr(telecom, table)()[key])
    assert list(general.frame["minutes"]) == list(telecom.frame["minutes"])


def test_a_guide_of_ones_own_is_read_from_a_file(tmp_path):
    path = tmp_path / "bakery.toml"
    text = """
[[blocks]]
id = "hello"
minutes = 1
label = { en = "Hello", zh = "欢迎" }
questions = [{ en = "Who are you?", zh = "您是？" }]
[[blocks]]
id = "bread"
minutes = 3
label = { en = "Bread", zh = "面包" }
questions = [{ en = "Which bread?", zh = "哪种面包？" }]
codes = [{ id = "rye", en = "Rye", zh = "黑麦" }]
"""
    path.write_text(text, encoding="utf-8")
    guide = discussion_guide(guide=path, minutes=80)
    assert list(guide.frame["minutes"]) == [20, 60]
    assert list(guide.codes()["code"]) == ["bread.rye"]
    assert guide.note().startswith("1 demand dimension;")
    assert "1 个需求维度" in guide.in_language("zh").sentence()
    docx = pytest.importorskip("docx")
    from survey_design.forms.guide import write_guide

    document = docx.Document(str(write_guide(plan_focus_groups(["Wuhan"]), tmp_path / "g.docx", guide=guide)))
    assert "1. Which bread?" in [each.text for each in document.paragraphs]


def test_a_guide_that_cannot_be_used_is_refused_with_all_its_faults(tmp_path):
    with pytest.raises(SpecError, match=r"no guide 'telcom'. Shipped: general, telecom; or give the path"):
        discussion_guide(guide="telcom")
    path = tmp_path / "own.toml"
    text = """
[[blocks]]
id = "hello"
minutes = -1
label = { en = "Hello" }
question = []
[[blocks]]
id = "hello"
minutes = 5
label = { en = "Hello", zh = "欢迎" }
questions = ["Who?"]
codes = [{ id = "a", en = "A", zh = "" }]
[[screen]]
id = "x"
"""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        discussion_guide(guide=path)
    for words in (
        "guide 'own.toml' can't be used:", "'screen' is not known", "[[blocks]] number 1: 'questions' is missing",
        "[[blocks]] number 1: 'question' is not known", "[[blocks]] number 1: its words must be given in English (en) and Chinese",
        "minutes = -1 is not a number above 0", "[[blocks]] number 2: the id 'hello' is taken",
        "block 'hello', questions: it is not a list of entries", "block 'hello', codes number 1: its words",
    ):  # fmt: skip
        assert words in str(caught.value)
    path.write_text("[[blocks", encoding="utf-8")
    with pytest.raises(SpecError, match="is not valid TOML"):
        discussion_guide(guide=path)


# --- chances -----------------------------------------------------------------------------------------------


def test_without_likeness_it_is_one_minus_all_silent():
    share = np.linspace(0, 1, 21)
    np.testing.assert_allclose(heard_share(share, 3, 8), 1 - (1 - share) ** 24, atol=1e-14)


def test_a_session_of_one_mind_counts_as_one_person():
    assert heard_share(0.2, 3, 8, icc=1.0) == pytest.approx(1 - 0.8**3)


@pytest.mark.parametrize("icc", [0.01, 0.1, 0.5, 0.9])
def test_a_session_is_silent_as_scipys_beta_binomial_is_zero(icc):
    from scipy.stats import betabinom

    share = np.array([0.02, 0.1, 0.35, 0.8])
    size = (1 - icc) / icc
    silent = betabinom.pmf(0, 8, share * size, (1 - share) * size)
    np.testing.assert_allclose(1 - heard_share(share, 1, 8, icc=icc), silent, rtol=1e-10)


def test_at_least_two_of_k_as_scipys_binomial():
    from scipy.stats import binom

    once = heard_share(0.1, 1, 8, icc=0.1)
    for k in (1, 2, 5):
        assert heard_share(0.1, k, 8, icc=0.1, at_least=2) == pytest.approx(binom.sf(1, k, once), abs=1e-12)


def test_chances_as_simulated():
    """40,000 studies of 3 sessions of 6 people, whose session's share is drawn from a beta distribution."""
    rng, icc, share = np.random.default_rng(5), 0.2, 0.15
    size = (1 - icc) / icc
    heard = rng.binomial(6, rng.beta(share * size, (1 - share) * size, (40_000, 3))) > 0
    for least in (1, 2):
        simulated = (heard.sum(axis=1) >= least).mean()
        error = np.sqrt(simulated * (1 - simulated) / 40_000)
        assert abs(heard_share(share, 3, 6, icc=icc, at_least=least) - simulated) < 4 * error


@settings(max_examples=60, deadline=None)
@given(
    share=st.floats(0, 1), sessions=st.integers(1, 6), people=st.integers(1, 12), icc=st.floats(0, 1), step=st.integers(1, 3)
)  # fmt: skip
def test_more_sessions_and_more_people_never_hear_less(share, sessions, people, icc, step):
    chance = heard_share(share, sessions, people, icc=icc)
    assert 0 <= chance <= 1
    assert heard_share(share, sessions + step, people, icc=icc) >= chance - 1e-12
    assert heard_share(share, sessions, people + step, icc=icc) >= chance - 1e-12
    assert heard_share(share, sessions, people, icc=icc, at_least=2) <= chance + 1e-12


def test_invited_is_the_smallest_number_of_whom_enough_come():
    from scipy.stats import binom

    for seats, rate in ((8, 0.8), (6, 0.6), (10, 0.95)):
        m = invited_for(seats, show_rate=rate)
        assert binom.sf(seats - 3, m, rate) >= 0.95
        assert m == seats or binom.sf(seats - 3, m - 1, rate) < 0.95


# --- plan and cost -----------------------------------------------------------------------------------------


def test_cost_adds_up_by_hand():
    plan = plan_focus_groups(CITIES, costs=COSTS)
    assert plan.invited == 120
    assert plan.total_cost == 3 * 3000 + 12 * 5000 + 120 * 250 == plan.frame["cost"].sum() + 9000
    assert "cost 99,000 CNY" in plan.sentence()
    assert "费用 99,000 CNY" in plan.in_language("zh").sentence()


def test_per_study_rotates_over_cities():
    plan = plan_focus_groups(CITIES, sessions_per_segment=2, per="study")
    assert len(plan.frame) == 4
    assert plan.frame.groupby("segment")["city"].nunique().tolist() == [2, 2]
    assert set(plan.frame["city"]) == set(CITIES)
    assert plan_focus_groups(CITIES, ["business"], sessions_per_segment=1, per="study").cautions()[0]["en"] == (
        "No session falls to Wuhan, Xi'an."
    )


def test_trade_off_holds_this_plan_and_its_numbers():
    plan = plan_focus_groups(CITIES, costs=COSTS, budget=60_000)
    table = plan.trade_off().frame
    (mine,) = table[table["this_plan"]].to_dict("records")
    assert (mine["sessions"], mine["cost"], mine["covered"]) == (12, plan.total_cost, 1.0)
    assert mine["heard"] == pytest.approx(plan.heard("business"))
    assert mine["confirmed"] == pytest.approx(plan.heard("business", at_least=2))
    assert not mine["within_budget"]
    assert (table["within_budget"] == (table["cost"] <= 60_000)).all()


def test_more_segments_widen_coverage_more_sessions_steady_it_and_both_cost():
    """The trade-off that the study plan states (sections 1.1 and 1.2)."""
    table = plan_focus_groups(CITIES, costs=COSTS).trade_off().frame.set_index(
        ["segments", "cities", "sessions_per_segment"]
    )  # fmt: skip
    for c in (1, 2, 3):
        for k in (1, 2, 3):
            assert table.loc[(2, c, k), "covered"] == pytest.approx(2 * table.loc[(1, c, k), "covered"])
            assert table.loc[(2, c, k), "cost"] > table.loc[(1, c, k), "cost"]
        for a, b in pairwise([table.loc[(2, c, k)] for k in (1, 2, 3)]):
            assert b["confirmed"] > a["confirmed"]
            assert b["covered"] == a["covered"]
            assert b["cost"] > a["cost"]


def test_over_budget_says_by_how_much_and_what_fits():
    plan = plan_focus_groups(CITIES, costs=COSTS, budget=60_000)
    assert "39,000 CNY more than the budget; within it: 2 segments, 3 cities, 1 per segment." in plan.note()
    assert "计划超出预算 39,000 CNY；预算内可行：2 个细分、3 个城市、每个细分 1 场。" in plan.in_language("zh").note()
    assert "not pay for a single session" in plan_focus_groups(CITIES, costs=COSTS, budget=10).note()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cities": []}, "cities is empty"),
        ({"cities": ["Wuhan", "Wuhan", ""]}, "not a name: ''; named twice: 'Wuhan'"),
        ({"segments": ()}, "segments is empty"),
        ({"sessions_per_segment": -1}, "of 'business'=-1 is not a whole number of 0 or more"),
        ({"sessions_per_segment": 1.5}, "1.5 is not a whole number"),
        ({"sessions_per_segment": {"busines": 1, "ordinary": 1}}, "names 'busines' and lacks 'business'"),
        ({"sessions_per_segment": 0}, "no session is planned"),
        ({"per": "town"}, "per='town' is not known"),
        ({"participants": 1}, "participants=1"),
        ({"show_rate": 0}, "show_rate=0"),
        ({"theme_share": 0}, "theme_share=0"),
        ({"icc": 1.2}, "icc=1.2"),
        ({"budget": 0}, "budget=0"),
        ({"language": "fr"}, "language='fr'"),
    ],
)
def test_bad_plans_are_refused_in_words(options, words):
    with pytest.raises(SpecError, match=words.replace("(", r"\(")):
        plan_focus_groups(**{"cities": CITIES, **options})


def test_bad_costs_and_quotas_are_refused():
    with pytest.raises(SpecError, match=r"costs: session=-5"):
        SessionCosts(session=-5)
    plan = plan_focus_groups(CITIES)
    with pytest.raises(SpecError, match=r"quota 'sex': 'male' gives no shares"):
        plan.participants({"sex": {"female": 0.5, "male": -1}})
    with pytest.raises(SpecError, match=r"quota 'sex'"):
        plan.participants({"sex": {"female": 0, "male": 0}})
    with pytest.raises(SpecError, match=r"quota 'city' has the name of a column"):
        plan.participants({"city": {"a": 1}})


@pytest.mark.parametrize(
    "levels", [{"female": 0.7, "male": 0.6}, {"female": 70, "male": 60}, {"a": 0.2, "b": 0.3}, {"a": 0.9}]
)
def test_shares_that_do_not_add_up_are_refused(levels):
    said = " + ".join(f"{level} {share:g}" for level, share in levels.items())
    with pytest.raises(SpecError, match=rf"quota 'sex': {re.escape(said)} = [\d.]+, and shares must add up to 1"):
        plan_focus_groups(CITIES).participants({"sex": levels})


@pytest.mark.parametrize(
    "levels", [{"a": 2, "b": 1}, {"a": 0.67, "b": 0.33}, {"a": 67, "b": 33}, {"a": 66.7, "b": 33.3}]
)
def test_shares_percentages_and_parts_give_the_same_places(levels):
    counts = plan_focus_groups(CITIES).participants({"kind": levels}).frame["kind"].value_counts()
    assert counts.to_dict() == {"a": 80, "b": 40}


def test_unusual_tables_are_flagged():
    assert "14 seats" in plan_focus_groups(["Wuhan"], participants=14).note()
    assert "每场 3 人" in plan_focus_groups(["武汉"], participants=3, language="zh").note()


# --- who sits where ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    weights=st.lists(st.floats(0.05, 1), min_size=2, max_size=5), cities=st.integers(1, 3), sessions=st.integers(1, 3),
    seats=st.integers(3, 10),
)  # fmt: skip
def test_places_follow_any_quota(weights, cities, sessions, seats):
    """Every place is filled, seats and reserves are as many as planned, and no level is a whole person off or more."""
    plan = plan_focus_groups([f"c{k}" for k in range(cities)], sessions_per_segment=sessions, participants=seats)
    levels = {f"l{k}": weight / sum(weights) for k, weight in enumerate(weights)}
    matrix = plan.participants({"kind": levels, "sex": {"female": 1, "male": 1}})
    assert len(matrix.frame) == plan.invited
    assert (matrix.frame[matrix.frame["role"] == "seat"].groupby("session").size() == seats).all()
    assert matrix.frame["place"].is_unique
    counts = matrix.frame["kind"].value_counts()
    for level, weight in levels.items():
        assert abs(counts.get(level, 0) - weight * plan.invited) < len(weights)
    women = (matrix.frame["sex"] == "female").groupby(matrix.frame["session"]).sum()
    assert (abs(women - plan.invited / len(plan.frame) / 2) <= 1).all()


def test_quotas_are_mixed_not_nested():
    frame = plan_focus_groups(CITIES).participants().frame
    for a, b in (("age", "sex"), ("age", "tier"), ("sex", "tier")):
        table = pd.crosstab(frame[a], frame[b])
        assert (abs(table - len(frame) / table.size) <= 3).all(axis=None)


def test_the_recruitment_quota_counts_the_places():
    matrix = plan_focus_groups(CITIES).participants()
    quota = matrix.quota()
    assert quota.frame.groupby(["city", "segment", "variable"])["n"].sum().eq(20).all()
    counted = Counter(zip(matrix.frame["city"], matrix.frame["segment"], matrix.frame["tier"], strict=True))
    for row in quota.frame[quota.frame["variable"] == "tier"].to_dict("records"):
        assert row["n"] == counted[row["city"], row["segment"], row["level"]]
    assert list(quota.in_language("zh").shown().columns) == ["城市", "客户细分", "配额变量", "类别", "招募人数"]
    assert set(QUOTAS["tier"]) == {"flagship_core", "core", "first_tier", "hypermarket", "cooperative"}


def test_the_same_plan_gives_the_same_places():
    frames = [plan_focus_groups(CITIES).participants().frame for _ in range(2)]
    pd.testing.assert_frame_equal(*frames)


# --- the guide ---------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(minutes=st.integers(60, 240))
def test_minutes_add_up_and_follow_each_other(minutes):
    frame = discussion_guide(minutes=minutes).frame
    assert frame["minutes"].sum() == minutes
    assert (frame["start"] + frame["minutes"])[:-1].tolist() == frame["start"][1:].tolist()
    assert frame["minutes"].min() >= 4


def test_the_guide_says_everything_in_both_languages():
    guide = discussion_guide()
    frame, codes, questions, screening = guide.frame, guide.codes(), guide.questions(), guide.screening()
    dimensions = frame[frame["kind"] == "dimension"]
    assert (dimensions[["label_en", "label_zh", "learn_en", "learn_zh", "gap_en", "gap_zh"]] != "").all(axis=None)
    for table in (codes, questions, screening):
        assert (table["en"].str.strip() != "").all()
        assert table["zh"].str.contains(r"[\u4e00-\u9fff]").all()
    assert codes["code"].is_unique
    assert set(questions["block"]) == set(frame["block"])
    assert guide.in_language("zh").sentence().startswith("一场 120 分钟")
    assert "服务功能：六个接触点" in str(guide.in_language("zh"))


@pytest.mark.parametrize("minutes", [59, 241, 90.5, True])
def test_impossible_lengths_are_refused(minutes):
    with pytest.raises(SpecError, match="60 to 240"):
        discussion_guide(minutes=minutes)


@pytest.mark.parametrize("name", GUIDES.values())
def test_the_file_uses_chinese_punctuation_in_chinese(name):
    text = (Path(__file__).parents[1] / "survey_design" / name).read_text(encoding="utf-8")
    tomllib.loads(text)
    for chinese in re.findall(r'zh = "([^"]*)"', text):
        assert not re.search(r"[\u4e00-\u9fff][,;:?!]", chinese), chinese


# --- how it shows itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_table_is_headed_in_its_language(language):
    plan = plan_focus_groups(CITIES, costs=COSTS, budget=60_000, language=language)
    for result in (plan, plan.trade_off(), plan.participants(), plan.participants().quota(), discussion_guide()):
        shown = result.in_language(language)
        words = shown.title() + "".join(shown.shown().columns) + shown.note()
        assert bool(any("\u4e00" <= letter <= "\u9fff" for letter in words)) == (language == "zh")
        assert shown.note()
        assert "<table" in shown.to_html()


def test_the_picture_shows_the_chances_of_the_sentence():
    from survey_design.plots.sheet import new_axes

    plan = plan_focus_groups(CITIES)
    ax = plan.plot(new_axes())
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert set(lines) == {"1", "all", "twice"}
    for label, k, least in (("1", 1, 1), ("all", 6, 1), ("twice", 6, 2)):
        x, y = lines[label].get_data()
        np.testing.assert_allclose(y, [heard_share(p, k, 8, icc=0.1, at_least=least) for p in x])
    shown = {text.get_text() for text in ax.texts}
    assert {f"{100 * plan.heard('business', at_least=k):.0f}%" for k in (1, 2)} <= shown
    alone = plan_focus_groups(["Wuhan"], sessions_per_segment=1).plot(new_axes())
    assert [line.get_label() for line in alone.lines if not line.get_label().startswith("_")] == ["1"]


@pytest.mark.parametrize(
    ("sessions", "share"), [(2, 0.35), (2, 0.45), (2, 0.1), (6, 0.1), (2, 0.6), (3, 0.02), (1, 0.5)]
)
def test_the_labels_of_the_picture_lie_apart(sessions, share):
    """No label of a dot covers another, whether the curves are close or not, nor the axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    plan = plan_focus_groups(["Wuhan"], sessions_per_segment=sessions, theme_share=share)
    ax = plan.plot()
    FigureCanvasAgg(ax.figure).draw()
    shown = [text for text in ax.texts if text.get_text().endswith("%")]
    boxes = [text.get_window_extent() for text in shown]
    assert len(boxes) == (3 if sessions > 1 else 1)
    for k, box in enumerate(boxes):
        assert box.y0 >= ax.get_window_extent().y0 - 2
        assert not any(box.overlaps(other) for other in boxes[k + 1 :]), [text.get_text() for text in shown]


def test_the_picture_speaks_chinese():
    from survey_design.plots.fonts import chinese_font
    from survey_design.plots.sheet import new_axes

    if chinese_font() is None:
        pytest.skip("no font for Chinese on this machine")
    ax = plan_focus_groups(["武汉"], language="zh").plot(new_axes())
    assert ax.get_title(loc="left") == "一种看法有多大机会被听到？"


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_the_papers_hold_guide_screening_quota_and_places(tmp_path, language):
    docx = pytest.importorskip("docx")
    from survey_design.forms.guide import write_guide

    plan = plan_focus_groups(["武汉"], costs=COSTS)
    path = write_guide(plan, tmp_path / "guide.docx", language=language)
    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    text = "\n".join([*(p.text for p in document.paragraphs), *cells])
    guide = discussion_guide()
    for tongue in ("en", "zh") if language == "both" else (language,):
        for table in (guide.questions(), guide.codes(), guide.screening()):
            assert [words for words in table[tongue] if words not in text] == []
    assert [place for place in plan.participants().frame["place"] if place not in text] == []
    assert text.count("☐") == plan.invited
    header = [cell.text for row in document.tables[0].rows for cell in row.cells]
    for words in {"en": ("Date", "Place", "Moderator"), "zh": ("日期", "地点", "主持人")}.get(
        language, ("Place 地点",)
    ):
        assert any(words in cell for cell in header)
    seats = [table for table in document.tables if len(table.columns) == 6 and table.rows[1].cells[0].text == "S01-01"]
    held = [cell.paragraphs[0].paragraph_format.keep_with_next for row in seats[0].rows[:-1] for cell in row.cells]
    assert held
    assert all(held), "a session's places stay on one page"
    (grid,) = [table for table in document.tables if (len(table.rows), len(table.columns)) == (7, 8)]
    assert [cell.text for row in grid.rows[1:] for cell in row.cells[1:]] == [""] * 42


def test_the_papers_are_the_same_bytes_every_time(tmp_path):
    pytest.importorskip("docx")
    from survey_design.forms.guide import write_guide

    first, second = (write_guide(plan_focus_groups(["Wuhan"]), tmp_path / name) for name in ("a.docx", "b.docx"))
    assert first.read_bytes() == second.read_bytes()
    assert zipfile.is_zipfile(first)
