"""Focus groups: statements, themes, saturation, coders, demand, quotations, items.

Authorities: R's ``survey`` 4.1 for the error of a share with sessions as clusters; Krippendorff's example (through the oracle of
``servqual.agreement``); brute force over every order of the sessions; the delta method written out; counts in pandas.
"""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.agreement.coefficients import alpha_replicates
from servqual.focus import (
    CodeFrame,
    available_code_frames,
    candidate_items,
    co_occurrence,
    code_frame_of,
    coder_agreement,
    demand_and_actual,
    keyword_in_context,
    load_code_frame,
    read_qdpx,
    read_statements,
    saturation,
    themes,
    touchpoint_grid,
    verbatim_digest,
    word_counts,
    write_qdpx,
)
from servqual.focus.coders import pooled_replicates
from servqual.focus.mentions import theme_bounds
from servqual.focus.unheard import chao2, expected_new, heard_band, heard_by, new_information
from servqual.instruments import load_instrument
from servqual.plots import new_axes
from survey_design.errors import DataError, SpecError
from survey_design.focus_groups import discussion_guide

SAMPLE = "data/sample/statements.csv"


@pytest.fixture(scope="module")
def sample():
    return read_statements(SAMPLE)


def said(rows, columns=("session", "speaker", "text", "codes"), **options):
    return read_statements(pd.DataFrame(rows, columns=list(columns)), **options)


# --- code frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["general", "telecom"])
def test_the_shipped_codes_are_those_the_moderator_has(name):
    frame, guide = load_code_frame(name), discussion_guide(guide=name)
    assert [code.id for code in frame.codes] == guide.codes()["code"].tolist()
    assert len(frame.dimensions) == 7
    assert (len(frame.codes_of(frame.touchpoints)), len(frame.codes_of(frame.elements))) == (6, 7)
    assert all(each.label["en"] and each.label["zh"] for each in (*frame.dimensions, *frame.codes))
    assert name in available_code_frames()


def test_own_codes_from_toml_csv_and_a_guide(tmp_path):
    toml = tmp_path / "own.toml"
    toml.write_text('''name = "own"
title.zh = "自有"
touchpoints = "a"
elements = "b"
[[dimensions]]
id = "a"
label.en = "A"
[[dimensions]]
id = "b"
[[codes]]
id = "a.x"
dimension = "a"
label = { en = "Ex", zh = "甲" }
item.en = "how ex it is"
note = "not why"
[[codes]]
id = "b.y"
dimension = "b"
label.zh = "乙"
''', encoding="utf-8")  # fmt: skip
    frame = load_code_frame(toml, language="zh")
    assert (frame.code("a.x").item, frame.code("a.x").note, frame.language) == ({"en": "how ex it is"}, "not why", "zh")
    assert frame.sentence() == "自有：2 个维度，2 个编码。"
    assert frame.spellings()["乙"] == "b.y"
    table = tmp_path / "codes.csv"
    discussion_guide().codes().to_csv(table, index=False)
    assert [code.id for code in load_code_frame(table).codes] == [code.id for code in load_code_frame("general").codes]
    assert load_code_frame(table).touchpoints == "service_functions"
    assert code_frame_of(discussion_guide(guide="telecom")).codes == load_code_frame("telecom").codes


@pytest.mark.parametrize(
    ("text", "expected"),
    [('codes = 3', "no list of blocks"),
     ('[[dimensions]]\nid = "a"\n[[codes]]\nid = "x"\ndimension = "b"\nlabel = "X"', "'b' is not declared"),
     ('[[dimensions]]\nid = "a"\n[[codes]]\nid = "x;y"\ndimension = "a"\nlabel = "X"', "separate codes"),
     ('[[dimensions]]\nid = "a"\n[[codes]]\nid = "x"\ndimension = "a"\n[[codes]]\nid = "X"\ndimension = "a"', "taken"),
     ('[[dimensions]]\nid = "a"\n[[codes]]\nid = "None"\ndimension = "a"', "stands for no code"),
     ('[[dimensions]]\nid = "a"\n[[dimensions]]\nid = "b"\n[[codes]]\nid = "x"\ndimension = "a"', "has no code"),
     ('colour = 1\n[[dimensions]]\nid = "a"\n[[codes]]\nid = "x"\ndimension = "a"', "'colour' is not known"),
     ('touchpoints = "a"\n[[dimensions]]\nid = "a"\n[[codes]]\nid = "x"\ndimension = "a"', "both touchpoints and elements"),
     ('x =', "not valid TOML")],
)  # fmt: skip
def test_a_code_frame_names_its_faults(tmp_path, text, expected):
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=expected):
        load_code_frame(tmp_path / "own.toml")


def test_an_absent_code_frame():
    with pytest.raises(SpecError, match="Shipped: general, telecom"):
        load_code_frame("generel")
    with pytest.raises(SpecError, match="has no code 'paymint'"):
        load_code_frame("general").code("paymint")


# --- reading -----------------------------------------------------------------------------------------------


def test_the_sample_is_read_whole(sample):
    assert (sample.n, len(sample.sessions), sample.coders) == (120, 8, ("lin", "zhou"))
    assert sample.ledger.adds_up()
    assert set(sample.frame["language"]) == {"en", "zh"}
    assert sample.cases.empty
    assert sample.frame.groupby("session")[["segment", "city"]].nunique().eq(1).all().all()
    zh = sample.in_language("zh")
    assert zh.sentence() == "8 场座谈会、48 位发言人的 120 条语句，2 名编码员。"
    assert "语句" in zh.ledger.to_string()


def test_every_fault_is_named_at_once():
    table = pd.DataFrame({
        "statement": ["a", "b", "b", "d", "e", "f"], "session": ["S1", "S1", "S1", None, "S1", "S1"], "speaker": "P",
        "text": ["one", "two", "three", "four", "  ", "six"], "codes_ann": ["paymint", "payment", "", "", "", "safety"],
        "sentiment_ann": ["", "", "", "", "", "2"], "suggestion": ["", "", "", "", "", "maybe"], "aspect": ["", "", "", "", "", "wish"],
        "language": ["", "", "", "", "", "fr"],
    })  # fmt: skip
    with pytest.raises(DataError) as caught:
        read_statements(table)
    problems = dict(zip(caught.value.cases["problem"], caught.value.cases["row"], strict=True))
    assert problems == {
        "not in the code frame 'general'": 2, "id seen before": 4, "no session named": 5, "empty text": 6, "not −1, 0 or 1": 7,
        "not yes or no": 7, "not demand or actual": 7, "not en or zh": 7,
    }  # fmt: skip
    assert "'paymint'" in str(caught.value)
    left = read_statements(table, faults="set aside")
    assert left.frame["statement"].tolist() == ["a", "b", "f"]
    assert left.set_aside["fate"].tolist() == ["duplicate", "no session", "no text"]
    assert left.ledger.adds_up()
    assert {step: left.ledger.count(step) for step in ("given", "unknown", "blank")} == {
        "given": 2,
        "unknown": 1,
        "blank": 0,
    }
    assert len(left.cases) == 8


def test_the_same_words_twice():
    rows = [("S1", "P1", "yes", ""), ("S1", "P1", "yes", ""), ("S2", "P1", "yes", "")]
    with pytest.raises(DataError, match="same words of the same speaker"):
        said(rows)
    numbered = [(str(k), *row) for k, row in enumerate(rows)]
    assert said(numbered, ("statement", "session", "speaker", "text", "codes")).n == 3
    long = [(k, "S1", "P1", "we waited for more than an hour", "") for k in "ab"]
    with pytest.raises(DataError, match="same words"):
        said(long, ("statement", "session", "speaker", "text", "codes"))


def test_nothing_to_read():
    with pytest.raises(DataError, match="no column 'text'"):
        read_statements(pd.DataFrame({"session": ["S1"]}))
    with pytest.raises(DataError, match="none of its 1 statements"):
        read_statements(pd.DataFrame({"session": ["S1"], "text": [" "]}), faults="set aside")


def test_long_and_wide_files_chinese_headings_and_excel_say_the_same(tmp_path):
    wide = pd.DataFrame({"语句编号": ["1", "2"], "场次": ["S1", "S2"], "发言人": ["P1", "P1"], "客户细分": "business",
                         "原话": ["等太久", "Paying was quick"], "编码_甲": ["及时性；付款买单", "无"], "编码_乙": ["", "payment"],
                         "情感_甲": ["负面", "正面"], "情感_乙": ["", "1"], "是否建议": ["否", "是"]})  # fmt: skip
    long = pd.DataFrame({"statement": ["1", "1", "2", "2"], "session": ["S1", "S1", "S2", "S2"], "speaker": "P1",
                         "segment": "business", "text": ["等太久", "等太久", "Paying was quick", "Paying was quick"],
                         "coder": ["甲", "乙", "甲", "乙"], "codes": ["timeliness|payment", "", "none", "payment"],
                         "sentiment": [-1, None, 1, 1], "suggestion": ["no", "no", "yes", "yes"]})  # fmt: skip
    path = tmp_path / "s.xlsx"
    wide.to_excel(path, index=False)
    found = [read_statements(wide), read_statements(long), read_statements(path)]
    for each in found:
        pd.testing.assert_frame_equal(each.frame, found[0].frame)
        assert each.codings.equals(found[0].codings)
        np.testing.assert_array_equal(each.judged, [[True, False], [True, True]])
        np.testing.assert_array_equal(each.sentiments, [[-1, np.nan], [1, 1]])
    assert found[0].frame["suggestion"].tolist() == [False, True]
    long.loc[1, "text"] = "something else"
    with pytest.raises(DataError, match="not as in row 2 of the same statement"):
        read_statements(long)


def test_a_second_coding_by_the_same_coder_is_a_fault():
    rows = [("1", "S1", "t", "ann", "payment"), ("1", "S1", "t", "ann", "safety")]
    with pytest.raises(DataError, match="ann coded this statement before"):
        said(rows, ("statement", "session", "text", "coder", "codes"))


def test_a_coders_name_that_means_a_rule_is_refused():
    with pytest.raises(SpecError, match="'all'"):
        said([("S1", "t", "payment")], ("session", "text", "codes_all"))


def test_personal_data_are_masked_unless_kept():
    rows = [("S1", "P1", "请致电 13812345678，我叫王芳", "payment")]
    assert said(rows).frame["text"][0] == "请致电 [phone]，我叫[name]"
    assert "masked" in said(rows).sentence()
    assert "13812345678" in said(rows, personal_data="keep").frame["text"][0]


def test_one_coder_is_said():
    one = said([("S1", "P1", "a", "payment"), ("S1", "P2", "b", "none")])
    assert "One coder only" in one.sentence()
    assert "仅一名编码员" in one.in_language("zh").sentence()
    with pytest.raises(DataError, match="agreement needs two coders"):
        coder_agreement(one)


def test_what_the_caller_gave_is_left_alone():
    table = pd.DataFrame({"场次": ["S1"], "原话": [" call 13812345678 "], "codes_a": ["payment"]})
    before = table.copy()
    read_statements(table)
    pd.testing.assert_frame_equal(table, before)


HEADED = pd.DataFrame({
    "场次": ["S1", "S1", "S2"], "发言人": ["P1", "P2", "P1"], "原话": ["等太久", "付款很快", "请早点开门"],
    "编码_甲": ["及时性", "付款买单", "无"], "编码_乙": ["及时性", "付款买单；及时性", ""],
})  # fmt: skip


@pytest.mark.parametrize(
    "heading",
    ["编码{}", "编码（{}）", "编码({})", "编码：{}", "编码 {}", "编码员{}", "编码-{}", "codes_{}", "Codes ({})"],
)
def test_each_coders_column_is_read_however_its_heading_is_written(heading):
    """Truth: the same two coders, 4 statements coded (2 + 2) of 6 codings possible, 1 without a code, 1 left blank."""
    found = read_statements(HEADED.rename(columns={f"编码_{who}": heading.format(who) for who in "甲乙"}))
    assert found.coders == ("甲", "乙")
    counts = {step: found.ledger.count(step) for step in ("asked", "given", "none", "blank", "unknown")}
    assert counts == {"asked": 6, "given": 4, "none": 1, "blank": 1, "unknown": 0}
    assert found.codings.equals(read_statements(HEADED).codings)
    assert not found.remarks


def test_numbered_coders_and_headings_that_are_nobodys():
    numbered = read_statements(HEADED.rename(columns={"编码_甲": "编码1", "编码_乙": "编码2"}))
    assert numbered.coders == ("1", "2")
    noted = read_statements(HEADED.assign(编码备注="改过", coded_by="x", 编码日期="5月1日"))
    assert noted.coders == ("甲", "乙")
    assert "编码备注" in noted.sentence()
    assert "“编码日期”" in noted.in_language("zh").sentence()
    assert "coded_by" not in noted.sentence()
    long = read_statements(HEADED.assign(编码员="丙", 编码="无"))
    assert long.coders == ("丙",)
    assert "'编码_甲', '编码_乙'" in long.sentence()  # a file is long or wide, and what is passed over is said
    with pytest.raises(SpecError, match=r"'编码_甲', '编码（甲）' mean the same"):
        read_statements(HEADED.assign(**{"编码（甲）": "无"}))


def test_one_column_of_sentiments_is_no_coder(tmp_path):
    signed = HEADED.assign(情感=["负面", "正面", ""])
    found = read_statements(signed)
    assert (found.coders, found.readers) == (("甲", "乙"), ("coder",))
    assert {step: found.ledger.count(step) for step in ("asked", "blank")} == {"asked": 6, "blank": 1}
    np.testing.assert_array_equal(found.sentiment, [-1, 1, np.nan])
    assert "2 名编码员" in found.in_language("zh").sentence()
    one = read_statements(signed.drop(columns="编码_乙"))
    with pytest.raises(DataError, match=r"coders: 甲; 0 statements"):
        coder_agreement(one)
    back = read_qdpx(write_qdpx(tmp_path / "p.qdpx", found))
    assert (back.coders, back.readers) == (found.coders, found.readers)
    np.testing.assert_array_equal(back.sentiment, found.sentiment)
    assert back.codings.equals(found.codings)


def test_statements_that_nobody_coded_say_so(tmp_path):
    bare = read_statements(HEADED[["场次", "发言人", "原话"]].assign(情感=["负面", "正面", ""]))
    assert bare.sentence() == "3 statements of 3 speakers in 2 sessions, not coded."
    assert bare.in_language("zh").sentence() == "2 场座谈会、3 位发言人的 3 条语句，未经编码。"
    assert (bare.coders, bare.ledger.count("asked")) == ((), 0)
    with pytest.raises(SpecError, match="no statement was coded"):
        themes(bare)
    back = read_qdpx(write_qdpx(tmp_path / "p.qdpx", bare))
    assert (back.coders, back.readers) == ((), ("coder",))


def test_messages_speak_of_the_files_own_headings(tmp_path):
    with pytest.raises(DataError, match="编码_甲: not in the code frame") as caught:
        read_statements(HEADED.assign(编码_甲="涨价"))
    assert set(caught.value.cases["column"]) == {"编码_甲"}
    renamed = HEADED.rename(columns={"原话": "说了什么"})
    with pytest.raises(
        DataError,
        match=r"no column 'text'.*It has: 场次, 发言人, 说了什么.*columns=\{'<heading in the file>': 'text'\}",
    ):
        read_statements(renamed)
    with pytest.raises(SpecError, match=r"write columns=\{'说了什么': 'text'\}"):
        read_statements(renamed, columns={"text": "说了什么"})
    assert read_statements(renamed, columns={"说了什么": "text"}).n == 3
    with pytest.raises(SpecError, match="read_qdpx"):
        read_statements(tmp_path / "project.qdpx")
    own = tmp_path / "codes.csv"
    own.write_text("code,dimension,en\nqueue,waiting,Queue\n", encoding="utf-8")
    told = read_statements(HEADED.drop(columns="编码_乙").assign(编码_甲="queue"), load_code_frame(own))
    with pytest.raises(
        SpecError, match=r"touchpoints = .*service_functions and service_elements\. Its dimensions: waiting"
    ):
        touchpoint_grid(told)


# --- themes ------------------------------------------------------------------------------------------------

Y = {"a": [1, 1, 0, 1, 0], "b": [0, 0, 1, 0, 0, 0, 1], "c": [1, 1, 1, 0], "d": [0, 0, 0, 1, 0, 0]}


def test_a_share_has_the_error_of_rs_survey():
    """R: m <- svymean(~y, svydesign(ids = ~session, data = d, weights = ~1)), and Wilson (prop.test without correction) on
    p(1 - p)/SE² · (qt(.975, 21)/qt(.975, 3))² people, which here is less than 22 of them would be."""
    rows = [(s, f"P{k}", f"text {s}{k}", "payment" if y else "none") for s, ys in Y.items() for k, y in enumerate(ys)]
    row = themes(said(rows)).find("theme", "service_functions.payment", {})
    assert [row["share"], row["se"], row["low"], row["high"]] == pytest.approx(
        [0.409090909091, 0.124562389967, 0.143044336383, 0.741692115807], abs=1e-11
    )
    assert (row["n"], row["df"], row["speakers"], row["n_sessions"]) == (22, 3, 9, 4)


def test_sessions_alike_by_luck_are_not_taken_for_knowledge():
    rows = [(f"S{s}", f"P{k}", f"{s}{k}", "payment" if k % 2 else "none") for s in range(4) for k in range(6)]
    row = themes(said(rows)).find("theme", "service_functions.payment", {})
    assert row["se"] == pytest.approx(0, abs=1e-12)
    assert row["low"] < 0.3
    assert row["high"] > 0.7


@pytest.mark.parametrize(("sessions", "people", "share", "icc"), [(4, 6, 0.3, 0.1), (4, 6, 0.3, 0.3), (8, 6, 0.1, 0.1)])
def test_the_interval_covers_the_share_where_sessions_differ(sessions, people, share, icc):
    """800 studies, sessions beta-binomial with this intraclass correlation: at least 94% (it is wide by design)."""
    generator, inside = np.random.default_rng(5), 0
    for _ in range(800):
        held = generator.beta(share * (1 - icc) / icc, (1 - share) * (1 - icc) / icc, sessions)
        heard = generator.binomial(people, held)
        n = sessions * people
        mean = heard.sum() / n
        se = np.sqrt(sessions / (sessions - 1) * ((heard - people * mean) ** 2).sum()) / n
        low, high = theme_bounds(np.array([mean]), np.array([se]), n, np.array([sessions - 1.0]), 0.95)
        inside += low[0] <= share <= high[0]
    assert inside / 800 >= 0.94


def test_counts_are_those_of_pandas(sample):
    table = themes(sample, by="segment", base="statements").frame.set_index(["segment", "theme"])
    long = sample.codings.merge(sample.frame, on="statement")
    for (segment, code), group in long.groupby(["segment", "code"]):
        row = table.loc[(segment, code)]
        assert row["statements"] == group["statement"].nunique()
        assert row["sessions"] == group["session"].nunique()
        assert row["speakers"] == len(group[["session", "speaker"]].drop_duplicates())
        assert row["share"] == pytest.approx(row["statements"] / 60)
    whole = themes(sample).frame.set_index("theme")
    assert (
        table.groupby("theme")["statements"].sum() == whole["statements"].loc[table.groupby("theme").size().index]
    ).all()
    assert (themes(sample, by="session").frame.groupby("theme")["n"].sum() == 48).all()


def test_whose_codes_count(sample):
    by_rule = {
        rule: themes(sample, counted=rule).frame["statements"].to_numpy()
        for rule in ("any", "most", "all", "lin", "zhou")
    }
    assert (
        by_rule["all"] <= np.minimum(by_rule["lin"], by_rule["zhou"])
    ).sum() >= 30  # a statement of one coder counts for all
    assert (by_rule["any"] >= np.maximum(by_rule["lin"], by_rule["zhou"])).all()
    np.testing.assert_array_equal(by_rule["most"], by_rule["all"])  # two coders: more than half are both
    with pytest.raises(SpecError, match="'any', 'most', 'all', 'lin', 'zhou'"):
        themes(sample, counted="li")


def test_few_sessions_one_session_and_nobody_are_said(sample):
    assert "a group has only 4 sessions" in themes(sample, by="segment").note()
    assert "仅 4 场座谈会" in themes(sample.in_language("zh"), by="segment").note()
    one = themes(said([("S1", "P1", "a", "payment"), ("S1", "P2", "b", "safety")]))
    assert set(one.frame["reason"]) == {"one cluster"}
    assert one.sentence("service_functions.payment").startswith("Paying the bill: 1 of 2 speakers (50%")
    lonely = themes(said([("S1", "P1", "a", "payment")])).frame.set_index("theme").loc["service_functions.payment"]
    assert (lonely["share"], lonely["high"]) == (1, 1)
    assert lonely["low"] < 0.3
    nameless = themes(said([("S1", None, "a", "payment"), ("S2", None, "b", "none")]))
    assert set(nameless.frame["reason"]) == {"nobody"}
    with pytest.raises(SpecError, match="no statement was coded"):
        themes(said([("S1", "P1", "a", "")]))


def test_themes_in_both_languages(sample):
    found = themes(sample, by="segment", of="dimension")
    assert (
        found.in_language("zh")
        .sentence("service_delivery", segment="ordinary")
        .startswith("服务提供（普通客户）：24 位发言人中")
    )
    assert " 人（" in found.in_language("zh").sentence("service_delivery", segment="ordinary")
    assert "主题提及情况（按客户细分）" in found.in_language("zh").to_string()
    with pytest.raises(SpecError, match="name one value for each of segment"):
        found.sentence("service_delivery")


def test_what_goes_together_is_the_table_of_counts(sample):
    found = co_occurrence(sample).frame.set_index(["theme", "with"])
    given, coded = sample.given()
    marks = pd.DataFrame(given[coded], columns=sample.themes_of("code"))
    for one, two in (
        ("service_functions.payment", "service_elements.timeliness"),
        ("service_functions.sales", "service_elements.choice"),
    ):
        table = pd.crosstab(marks[one], marks[two])
        row, both = found.loc[(one, two)], table.loc[True, True]
        assert row["both"] == both
        assert row["jaccard"] == pytest.approx(both / (both + table.loc[True, False] + table.loc[False, True]))
        assert row["lift"] == pytest.approx(both * len(marks) / (marks[one].sum() * marks[two].sum()))
    assert co_occurrence(sample, within="session").frame["n"].iloc[0] == 8
    assert co_occurrence(sample, within="speaker").frame["n"].iloc[0] == 48


def test_the_grid_counts_statements_of_both(sample):
    grid = touchpoint_grid(sample)
    long = sample.codings.drop_duplicates(["statement", "code"])
    pairs = long.merge(long, on="statement")
    mine = pairs[(pairs["code_x"] == "service_functions.payment") & (pairs["code_y"] == "service_elements.timeliness")]
    assert grid.matrix().loc["service_functions.payment", "service_elements.timeliness"] == len(mine)
    assert grid.matrix().shape == (6, 7)
    assert "接触点" in grid.in_language("zh").to_string()
    flat = CodeFrame("flat", {"en": "Flat"}, load_code_frame("general").dimensions, load_code_frame("general").codes)
    with pytest.raises(SpecError, match="no touchpoints"):
        touchpoint_grid(read_statements(SAMPLE, flat))


# --- saturation --------------------------------------------------------------------------------------------

incidences = st.integers(1, 6).flatmap(
    lambda m: st.lists(st.lists(st.booleans(), min_size=m, max_size=m), min_size=1, max_size=9)
).map(lambda columns: np.array(columns, dtype=bool).T)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(incidences)
def test_the_curve_and_its_band_are_those_of_every_order(incidence):
    orders = [
        np.logical_or.accumulate(incidence[list(order)], axis=0).sum(axis=1)
        for order in permutations(range(len(incidence)))
    ]
    assert heard_by(incidence) == pytest.approx(np.mean(orders, axis=0), abs=1e-9)
    low, high = heard_band(incidence, 0.9)
    expected = np.quantile(orders, [0.05, 0.95], axis=0, method="inverted_cdf")
    np.testing.assert_array_equal([low, high], expected)
    assert (low <= heard_by(incidence) + 1e-9).all()
    assert low[-1] == high[-1] == incidence.any(axis=0).sum()


def test_drawn_orders_come_near_to_all_of_them():
    incidence = np.random.default_rng(3).random((9, 40)) < 0.2
    exact, drawn = heard_band(incidence, 0.9), heard_band(incidence, 0.9, orders=4000, seed=1)
    assert np.abs(np.array(exact) - np.array(drawn)).max() <= 1
    again = heard_band(incidence, 0.9, orders=4000, seed=1)
    np.testing.assert_array_equal(drawn, again)


def by_delta(times, m):
    """Chao2 and its variance from the multinomial covariance of Q₁, Q₂, … with S in all, derivatives taken numerically."""
    q = np.array([(times == k).sum() for k in range(1, m + 1)], dtype=float)
    a = (m - 1) / m

    def total(q):
        return q.sum() + (a * q[0] ** 2 / (2 * q[1]) if q[1] else a * q[0] * (q[0] - 1) / 2)

    slope = np.array([(total(q + e) - total(q - e)) / 2e-5 for e in 1e-5 * np.eye(m)])
    if not q[1]:
        slope[1] = 1.0
    s = total(q)
    return s, slope @ (np.diag(q) - np.outer(q, q) / s) @ slope


@pytest.mark.parametrize(
    "times", [[1, 1, 1, 1, 1, 2, 2, 3, 4, 5], [1, 1, 1, 3, 4, 4], [1, 2, 2, 2, 6], [1, 1, 5, 5, 5, 5, 6]]
)
def test_chao2_and_its_error_follow_from_the_delta_method(times):
    m = 6
    incidence = np.zeros((m, len(times)), dtype=bool)
    for k, s in enumerate(times):
        incidence[:s, k] = True
    found = chao2(incidence)
    total, variance = by_delta(np.array(times), m)
    assert found.total == pytest.approx(total)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-4)
    heard = len(times)
    unheard = total - heard
    c = np.exp(1.959963984540054 * np.sqrt(np.log(1 + variance / unheard**2)))
    assert (found.low, found.high) == pytest.approx((heard + unheard / c, heard + unheard * c), rel=1e-4)
    assert heard < found.low < found.total < found.high


def test_chao2_by_hand():
    """Five themes in three sessions, three of them once and one twice: 5 + 2/3 · 9/2 = 8; coverage 1 − 3/8 · 6/8."""
    found = chao2(np.array([[1, 1, 1, 0, 1], [1, 1, 0, 1, 0], [1, 0, 0, 0, 0]], dtype=bool))
    assert (found.total, found.once, found.twice) == (8, 3, 1)
    assert found.coverage == pytest.approx(1 - 3 / 8 * 6 / 8)
    assert expected_new(found, 5, 3) == pytest.approx(3 * (1 - (1 - 3 / 12)))
    assert expected_new(found, 5, 3, 10_000) == pytest.approx(3)


def test_chao2_covers_the_truth_where_themes_are_alike():
    """60 themes, each heard in a session with chance 0.15, 12 sessions, 400 studies."""
    generator = np.random.default_rng(11)
    inside, totals = 0, []
    for _ in range(400):
        found = chao2(generator.random((12, 60)) < 0.15)
        totals.append(found.total)
        inside += found.low <= 60 <= found.high
    assert 0.90 <= inside / 400 <= 0.99
    assert np.mean(totals) == pytest.approx(60, abs=2.5)


def test_chao2_is_a_lower_bound_where_some_themes_are_rarer_and_the_note_says_so(sample):
    """60 themes whose chances to come up differ (beta 1, 5.67: mean .15), 8 sessions, 400 studies: theory has it below the truth."""
    generator = np.random.default_rng(11)
    found = [chao2(generator.random((8, 60)) < generator.beta(1, 5.67, 60)) for _ in range(400)]
    assert np.mean([each.total for each in found]) < 55
    assert np.mean([each.low <= 60 <= each.high for each in found]) < 0.90  # so the interval is none of the truth
    told = saturation(sample)
    assert "where some are much rarer there are more of them than it says" in told.note()
    assert "实际未听到的会多于区间所示" in told.in_language("zh").note()


def test_what_chao2_cannot_say_has_a_reason():
    assert chao2(np.ones((1, 3), dtype=bool)).reason == "one session"
    assert chao2(np.zeros((3, 3), dtype=bool)).reason == "nothing"
    twice = chao2(np.ones((3, 3), dtype=bool))
    assert (twice.reason, twice.total, twice.coverage) == ("all twice", 3, 1)
    alone = chao2(np.array([[1, 1], [1, 0], [1, 0]], dtype=bool))
    assert alone.reason == "one alone"  # its formula gives 0 unheard, which would be a finding out of nothing
    assert np.isnan(alone.total)
    assert np.isnan(alone.low)


def test_new_information_by_definition():
    heard = np.cumsum([10, 5, 3, 2, 1, 1, 0, 0])
    for threshold in (0.2, 0.1, 0.05, 0.0):
        ratios = {last: (heard[last - 1] - heard[last - 3]) / heard[3] for last in range(6, 9)}
        assert new_information(heard.tolist(), threshold=threshold) == next(
            (k for k, r in ratios.items() if r <= threshold), None
        )
    with pytest.raises(SpecError, match="base=0"):
        new_information([1, 2], base=0)


def test_saturation_of_the_sample(sample):
    found = saturation(sample)
    long = sample.codings.merge(sample.frame[["statement", "session"]], on="statement")
    held = [long[long["session"].isin(sample.sessions[: k + 1])]["code"].nunique() for k in range(8)]
    assert found.frame["heard"].tolist() == held
    assert found.frame["mean"].iloc[-1] == found.heard == held[-1]
    back = saturation(sample, order=sample.sessions[::-1])
    assert back.frame["mean"].tolist() == pytest.approx(found.frame["mean"].tolist())
    assert back.frame["heard"].tolist() != found.frame["heard"].tolist()
    mine = saturation(sample, segment="ordinary")
    assert len(mine.frame) == 4
    assert "lower bound" in mine.sentence()
    assert "此为下限" in saturation(sample.in_language("zh"), segment="ordinary").sentence()
    with pytest.raises(SpecError, match="no statement of segment 'vip'"):
        saturation(sample, segment="vip")
    with pytest.raises(SpecError, match="must name every session"):
        saturation(sample, order=["S01"])


def test_no_sentence_has_two_colons_in_a_row(sample):
    rows = [(f"S{s}", f"P{k}", f"{s}{k}", "payment; safety") for s in range(3) for k in range(3)]
    told = saturation(said(rows)).in_language("zh").sentence()
    assert told.startswith("3 场座谈会听到 2 个主题，没有仅出现于一场的主题；估计无未听到主题")
    assert "：" not in told
    wanted = demand_and_actual(sample)
    assert ": " not in wanted.sentence().replace("'Service functions: six touchpoints'", "")
    assert wanted.sentence().startswith(
        "Most demand meets the worst of what was found in 'Service functions: six touchpoints'. "
    )
    assert "现状评价最差，共 " in demand_and_actual(sample.in_language("zh")).sentence()


# --- coders ------------------------------------------------------------------------------------------------


def test_all_codes_together_are_krippendorffs_alpha_where_each_statement_has_one(shared):
    """Of codes that exclude each other two coders who differ differ in two yes-or-no questions: both sums are twice those of the
    nominal alpha, which so is the same number (Krippendorff's 4 observers by 12 units, .743)."""
    oracle = shared.oracle("agreement_krippendorff.json")
    ratings = shared.frame("raters_krippendorff_example.csv").set_index("unit")
    codes = {1.0: "payment", 2.0: "safety", 3.0: "enquiry", 4.0: "sales", 5.0: "accuracy"}
    table = pd.DataFrame({"session": "S1", "text": [f"unit {k}" for k in ratings.index]})
    for name in ratings:
        table[f"codes_{name}"] = ratings[name].map(codes).fillna("").to_numpy()
    found = coder_agreement(read_statements(table), replicates=100)
    assert found.estimate().value == pytest.approx(oracle["results"]["nominal"]["alpha"], abs=1e-8)
    assert found.estimate().value == pytest.approx(oracle["published"]["nominal"], abs=5e-4)


def test_each_codes_alpha_is_the_definition(sample):
    found = coder_agreement(sample, replicates=100).frame.set_index("theme")
    both = sample.judged.all(axis=1)
    for k, code in enumerate(sample.themes_of("code")):
        one, two = sample.votes[both, k, 0], sample.votes[both, k, 1]
        n, yes = 2 * len(one), int(one.sum() + two.sum())
        expected = 2 * yes * (n - yes) / (n * (n - 1))
        alpha = 1 - (one != two).mean() / expected if expected else np.nan
        assert found.loc[code, "alpha"] == pytest.approx(alpha, nan_ok=True)
        assert found.loc[code, "agreed"] == pytest.approx((one == two).mean())


def test_the_bootstrap_of_one_code_is_that_of_the_house():
    counts = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [0.0, 3.0], [2.0, 1.0]])
    mine = pooled_replicates(counts[None], 300, 5)
    theirs = alpha_replicates(counts, np.arange(2.0), "nominal", 300, 5)
    np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_disagreements_are_all_listed_the_weakest_code_first(sample):
    found = coder_agreement(sample, replicates=100)
    apart = found.disagreements(None)
    differ = (sample.votes[:, :, 0] != sample.votes[:, :, 1]) & sample.judged.all(axis=1)[:, None]
    assert len(apart) == differ.sum()
    alphas = found.frame.set_index("theme")["alpha"].loc[apart["theme"]].to_numpy()
    assert (np.diff(alphas) >= 0).all()
    assert set(apart["yes"]) | set(apart["no"]) == {"lin", "zhou"}
    assert len(found.disagreements(5)) == 5
    assert "编码员一致性" in found.in_language("zh").to_string()
    assert found.in_language("zh").sentence().startswith("全部编码 α = 0.")


def test_verdicts_rest_on_the_lower_bound(sample):
    frame = coder_agreement(sample, replicates=300).frame
    for row in frame.to_dict("records"):
        if row["verdict"] == "reliable":
            assert row["low"] >= 0.8
        if row["verdict"] == "few":
            assert np.isnan(row["low"]) or row["low"] == row["high"]
    never = coder_agreement(said([("S1", "a", "payment", "payment"), ("S1", "b", "none", "payment")],
                                 ("session", "text", "codes_a", "codes_b")), replicates=100)  # fmt: skip
    assert never.frame.set_index("theme").loc["service_elements.safety", "verdict"] == "never"


def test_no_two_statements_in_common():
    rows = [("S1", "a", "payment", ""), ("S1", "b", "", "payment")]
    with pytest.raises(DataError, match="0 statements in common"):
        coder_agreement(said(rows, ("session", "text", "codes_a", "codes_b")))


# --- demand ------------------------------------------------------------------------------------------------


def test_demand_beside_the_present_state_by_hand():
    columns = ("session", "speaker", "text", "aspect", "suggestion", "codes_a", "codes_b", "sentiment_a", "sentiment_b")
    rows = [("S1", "P1", "1", "demand", "yes", "payment", "payment", "0", "0"), ("S1", "P1", "2", "demand", "", "payment", "", "", ""),
            ("S1", "P2", "3", "actual", "", "payment", "sales", "-1", "-1"), ("S2", "P1", "4", "actual", "", "enquiry", "", "1", ""),
            ("S2", "P1", "5", "actual", "", "sales", "sales", "-1", "1"), ("S2", "P2", "6", "", "", "sales", "", "", ""),
            ("S2", "P3", "7", "demand", "", "time_limit", "", "", "")]  # fmt: skip
    found = demand_and_actual(said(rows, columns)).frame.set_index("theme")
    row = found.loc["service_functions"]
    assert row[["demand", "actual", "speakers_demand", "speakers_actual", "negative", "positive", "unjudged", "suggestions"]].tolist() == [
        2, 3, 1, 2, 1, 1, 1, 1]  # fmt: skip
    assert row["unmet"] == 0.5
    assert found.loc["service_standards", "reason"] == "not experienced"
    assert found.loc["business_demand", "reason"] == "silent"
    assert "1 without a coded aspect" in demand_and_actual(said(rows, columns)).note()


def test_no_sentiment_is_claimed_without_human_codes(sample):
    rows = [("S1", "P1", "This is terrible, awful, the worst", "payment", "actual")]
    found = demand_and_actual(said(rows, ("session", "speaker", "text", "codes", "aspect")))
    row = found.frame.set_index("theme").loc["service_functions"]
    assert (row["negative"], row["unjudged"], row["reason"]) == (0, 1, "no sentiment")
    assert np.isnan(row["unmet"])
    assert found.sentence() == "No statement on the present state has a sentiment."
    with pytest.raises(SpecError, match="Code a column aspect"):
        demand_and_actual(said(rows, ("session", "speaker", "text", "codes", "x")))
    split = demand_and_actual(sample, by="segment").frame
    whole = demand_and_actual(sample).frame
    assert (
        split.groupby("theme", sort=False)[["demand", "negative"]].sum().to_numpy()
        == whole[["demand", "negative"]].to_numpy()
    ).all()
    assert "需求与现状" in demand_and_actual(sample.in_language("zh")).to_string()


# --- in their own words ------------------------------------------------------------------------------------


def test_the_digest_is_drawn_not_picked(sample):
    """Each statement of a cell is drawn with the stated chance: 250 seeds, within 4.5 standard errors."""
    seeds = range(250)
    cell = ("service_functions.payment", "business")
    drawn = [frame.loc[(frame["theme"] == cell[0]) & (frame["segment"] == cell[1])] for frame in
             (verbatim_digest(sample, seed=seed).frame for seed in seeds)]  # fmt: skip
    counts = pd.concat(drawn)["statement"].value_counts()
    chance, size = drawn[0]["chance"].iloc[0], int(drawn[0]["of"].iloc[0])
    assert chance == pytest.approx(2 / size)
    assert len(counts) == size
    assert (np.abs(counts / 250 - chance) < 4.5 * np.sqrt(chance * (1 - chance) / 250)).all()


def test_the_digest_repeats_and_masks(sample):
    one, two = verbatim_digest(sample, seed=4), verbatim_digest(sample, seed=4)
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert not one.frame.equals(verbatim_digest(sample, seed=5).frame)
    assert one.frame.groupby(["theme", "segment"]).size().max() == 2
    kept = said([("S1", "P1", "call 13812345678", "payment")], personal_data="keep")
    assert verbatim_digest(kept, seed=1, by=None).frame["text"].tolist() == ["call [phone]"]
    assert "随机抽取" in one.in_language("zh").note()
    with pytest.raises(SpecError, match="each=0"):
        verbatim_digest(sample, seed=1, each=0)


def test_a_keyword_in_its_context():
    texts = ["Pay! I PAY and repay, payment", "付款排队，排队付款", "ｐａｙ here"]
    table = said([("S1", f"P{k}", text, "") for k, text in enumerate(texts)])
    assert len(keyword_in_context(table, "pay").frame) == 3
    assert len(keyword_in_context(table, "pay", whole_words=False).frame) == 5
    found = keyword_in_context(table, "排队", width=2).frame
    assert found[["before", "keyword", "after"]].values.tolist() == [["付款", "排队", "，排"], ["队，", "排队", "付款"]]
    assert keyword_in_context(table, "队付").frame["keyword"].tolist() == [
        "队付"
    ]  # without a segmenter any run is found
    assert keyword_in_context(table, "absent").sentence().startswith("'absent' stands 0 times in 0 of 3")
    with pytest.raises(SpecError, match="keyword=' '"):
        keyword_in_context(table, " ")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60), st.data())
def test_context_and_keyword_are_pieces_of_what_was_said(text, data):
    table = said([("S1", "P1", f"a {text} z", "")], personal_data="keep")
    spoken = " ".join(table.frame["text"][0].split())
    start = data.draw(st.integers(0, len(spoken) - 1))
    word = spoken[start : start + 3]
    if not word.strip():
        return
    for row in keyword_in_context(table, word, whole_words=False).frame.to_dict("records"):
        assert row["before"] + row["keyword"] + row["after"] in spoken


def test_whole_chinese_words_need_the_segmenter(sample):
    pytest.importorskip("rjieba")
    table = said(
        [
            ("S1", "P1", "研究生命的起源", ""),
            ("S1", "P2", "他是研究生", ""),
            ("S2", "P1", "店员说大堂经理不在，大堂经理呢", ""),
        ]
    )
    assert keyword_in_context(table, "研究生", whole_words=True).frame["statement"].tolist() == ["S1-002"]
    assert len(keyword_in_context(table, "研究生").frame) == 2
    assert keyword_in_context(table, "大堂经理", whole_words=True, words=["大堂经理"]).frame.shape[0] == 2
    assert keyword_in_context(table, "经理", whole_words=True, words=["大堂经理"]).frame.empty
    counted = word_counts(sample, spoken="zh", words=["收银台"]).frame
    assert (counted["speakers"] >= 2).all()
    assert counted["word"].str.len().min() >= 2


def test_words_are_counted_in_the_language_that_most_statements_are_in():
    pytest.importorskip("rjieba")
    rows = [("S1", "P1", "收银台排队太久", ""), ("S1", "P2", "收银台太少", ""), ("S1", "P3", "Paying was quick", "")]
    counted = word_counts(said(rows))
    assert counted.spoken == "zh"
    assert dict(zip(counted.frame["word"], counted.frame["speakers"], strict=True))["收银台"] == 2
    assert "the 2 of 3 statements in Chinese" in counted.note()
    assert "3 条语句中 2 条为中文" in counted.in_language("zh").note()
    none = word_counts(said(rows[:2]), spoken="en")
    assert none.frame.empty
    assert none.note().startswith("None of 2 statements is in English")


def test_without_the_segmenter_the_words_say_what_to_install(monkeypatch, sample):
    import sys

    from servqual.focus import verbatim

    verbatim._segmenter.cache_clear()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(SpecError, match=r"servqual\[text\]"):
        word_counts(sample, spoken="zh")
    with pytest.raises(SpecError, match="rjieba"):
        keyword_in_context(sample, "排队", whole_words=True)
    assert len(keyword_in_context(sample, "排队").frame) == 2
    verbatim._segmenter.cache_clear()


# --- on to the questionnaire -------------------------------------------------------------------------------


def test_themes_become_an_instrument_with_its_trail(sample, tmp_path):
    found = candidate_items(sample, minimum_sessions=3, minimum_speakers=4, dimensions={"service_elements.timeliness": "responsiveness",
                            "service_functions": "touchpoints"}, labels={"responsiveness": {"en": "Responsiveness", "zh": "响应性"}})  # fmt: skip
    told = themes(sample).frame.set_index("theme")
    for row in found.frame.to_dict("records"):
        assert row["kept"] == (told.loc[row["theme"], "sessions"] >= 3 and told.loc[row["theme"], "speakers"] >= 4)
        assert row["kept"] == (row["reason"] == "")
    path = found.write_instrument(tmp_path / "voices.toml")
    loaded = load_instrument(path)
    made = found.instrument("voices")
    assert loaded == made
    assert [item.id for item in loaded.items] == found.frame.loc[found.frame["kept"], "item"].tolist()
    item = loaded.item("service_elements_timeliness")
    assert (item.dimension, item.category, item.maps_to) == (
        "responsiveness",
        "service_elements",
        {"theme": "service_elements.timeliness"},
    )
    assert item.text["zh"] == "及时性"
    text = path.read_text(encoding="utf-8")
    assert (
        f"# service_elements.timeliness: {told.loc['service_elements.timeliness', 'speakers']} speakers in 8 sessions"
        in text
    )
    assert loaded.questionnaire().columns[0] == "E_" + loaded.items[0].id
    assert found.write_instrument(tmp_path / "voices.toml").read_text(encoding="utf-8") == text


def test_an_items_own_words_and_odd_names_survive_the_file(tmp_path):
    (tmp_path / "own.toml").write_text('''[[dimensions]]
id = "care"
[[codes]]
id = "a b"
dimension = "care"
label.en = 'Say "hi"\\'
item.zh = "关怀程度"
[[codes]]
id = "a_b"
dimension = "care"
label.zh = "二"
''', encoding="utf-8")  # fmt: skip
    frame = load_code_frame(tmp_path / "own.toml")
    table = said([(f"S{k}", "P1", "t", "a b; a_b") for k in range(2)], code_frame=frame)
    found = candidate_items(table)
    loaded = load_instrument(found.write_instrument(tmp_path / "items.toml"))
    assert [item.id for item in loaded.items] == ["a_b", "a_b_2"]
    assert loaded.items[0].label["en"] == 'Say "hi"\\'
    assert loaded.items[0].text == {"zh": "关怀程度"}


def test_items_refuse_what_they_cannot_use(sample, tmp_path):
    with pytest.raises(SpecError, match="'speed'"):
        candidate_items(sample, dimensions={"speed": "x"})
    with pytest.raises(SpecError, match="minimum_sessions=0"):
        candidate_items(sample, minimum_sessions=0)
    with pytest.raises(SpecError, match="no theme was heard often enough"):
        candidate_items(sample, minimum_sessions=99).instrument("x")
    with pytest.raises(SpecError, match=r"\.toml"):
        candidate_items(sample).write_instrument(tmp_path / "x.csv")
    nameless = said([("S1", None, "a", "payment"), ("S2", None, "b", "payment")])
    assert candidate_items(nameless).frame["kept"].sum() == 1
    assert "须由研究者改写并预试" in candidate_items(sample.in_language("zh")).note()


# --- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_of_shares_holds_the_table(sample, language):
    table = themes(sample.in_language(language), by="segment")
    ax = table.plot(new_axes(), most=5)
    marks = {each.get_label(): each for each in ax.collections}
    assert {"interval 0", "share 0", "interval 1", "share 1"} <= set(marks)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert len(names) == 5
    words = sample.code_frame.words()
    rows = table.frame[table.frame["segment"] == "business"]
    shares = {words[row["theme"]][language]: 100 * row["share"] for row in rows.to_dict("records")}
    assert marks["share 0"].get_offsets()[:, 0].tolist() == pytest.approx([shares[name] for name in names])
    with pytest.raises(SpecError, match="4 groups at most"):
        themes(sample, by="session").plot(new_axes())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_of_saturation_holds_the_curve(sample, language):
    found = saturation(sample.in_language(language))
    ax = found.plot(new_axes())
    lines = {line.get_label(): line for line in ax.lines}
    assert list(lines["mean"].get_ydata()) == pytest.approx(found.frame["mean"].tolist())
    assert list(lines["held"].get_ydata()) == found.frame["heard"].tolist()
    assert lines["chao"].get_ydata()[0] == pytest.approx(found.estimated.total)
    once = saturation(said([("S1", "P1", "a", "payment")]))
    assert {line.get_label() for line in once.plot(new_axes()).lines} == {"mean", "held"}


def test_pairs_are_all_there():
    table = said([("S1", "P1", "a", "payment; safety; sales"), ("S1", "P2", "b", "payment")])
    assert len(co_occurrence(table).frame) == len(list(combinations(range(3), 2)))
