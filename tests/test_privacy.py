"""Personal data: what is found and what is left alone, in both languages; masking is final, and nothing else changes.

Authorities: the two examples of GB 11643-1999 and the ORCID iDs of orcid.org (both ISO 7064 MOD 11-2), the Luhn example
79927398713 and the card networks' public test numbers, the telephone numbers that Ofcom reserves for drama.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.privacy import (
    KINDS,
    check_character,
    find_personal_data,
    has_luhn_digit,
    mask_personal_data,
    mask_text,
)
from survey_design.errors import DataError, SpecError

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
ID_X, ID_0 = "11010519491231002X", "440524188001010014"  # GB 11643-1999, appendix A
CARD = "6222021234567890128"  # invented; prefix 62 and Luhn digit as a card has them

# --- check digits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [ID_X, ID_0, "0000000218250097", "000000021694233X", "0000000151093700"],
    ids=["GB female", "GB male", "ORCID Carberry", "ORCID X", "ORCID third"],
)
def test_the_check_character_is_that_of_published_numbers(number):
    assert check_character(number[:-1]) == number[-1]


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_changes_the_check_character(digits, place, step):
    wrong = digits[:place] + str((int(digits[place]) + step) % 10) + digits[place + 1 :]
    assert check_character(wrong) != check_character(digits)


@pytest.mark.parametrize("number", ["79927398713", "4111111111111111", "5555555555554444", "378282246310005"])
def test_the_luhn_digit_is_that_of_published_numbers(number):
    assert has_luhn_digit(number)
    assert not has_luhn_digit(number[:-1] + str((int(number[-1]) + 1) % 10))


# --- what is masked, and what is not -----------------------------------------------------------------------

MASKED = [
    # mobile numbers
    ("call me on 138 1234 5678", "call me on [phone]"),
    ("我的手机是13812345678。", "我的手机是[phone]。"),
    ("１３８－１２３４－５６７８请回电", "[phone]请回电"),
    ("+86 138-1234-5678", "[phone]"),
    ("(+86)13812345678", "[phone]"),
    ("86 13812345678", "[phone]"),
    ("联系我 138.1234.5678 谢谢", "联系我 [phone] 谢谢"),
    ("tel13812345678", "tel[phone]"),
    ("电话:1 3 8 1 2 3 4 5 6 7 8", "电话:[phone]"),
    ("5分，13912345678", "5分，[phone]"),
    ("13812345678 or 13987654321", "[phone] or [phone]"),
    ("138\u200b1234\u200b5678", "[phone]"),
    # landlines and abroad
    ("请打010-62751234找我", "请打[phone]找我"),
    ("家里0755-83765432-801", "家里[phone]"),
    ("（021）6275 1234", "[phone]"),
    ("tel. (010) 6275-1234", "tel. [phone]"),
    ("座机62751234", "座机[phone]"),
    ("phone: 6275 1234", "phone: [phone]"),
    ("+44 20 7946 0958", "[phone]"),
    ("ring +1 (415) 555-2671 please", "ring [phone] please"),
    ("415-555-2671", "[phone]"),
    ("my mobile 07700 900123", "my mobile [phone]"),
    ("whatsapp +852 9123 4567", "whatsapp [phone]"),
    # identity numbers
    (f"身份证{ID_X}", "身份证[id number]"),
    (ID_X.lower(), "[id number]"),
    (f"id {ID_0}.", "id [id number]."),
    ("110105 19491231 002X", "[id number]"),
    ("１１０１０５１９４９１２３１００２Ｘ", "[id number]"),
    ("110105491231002 旧号", "[id number] 旧号"),
    ("身份证号：110105194912310021", "身份证号：[id number]"),  # a slip of the pen is still an identity number
    # e-mail, accounts, cards
    ("write to li.ming@example.com.cn, thanks", "write to [e-mail], thanks"),
    ("邮箱ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "邮箱[e-mail]"),
    ("12345678@qq.com", "[e-mail]"),
    ("微信号: zhangsan_88", "微信号: [account]"),
    ("加微信abc12345", "加微信[account]"),
    ("QQ：123456789", "QQ：[account]"),
    ("我的QQ是123456789", "我的QQ是[account]"),
    ("QQ123456789", "QQ[account]"),
    ("my WeChat ID is annlee99", "my WeChat ID is [account]"),
    ("card 4111 1111 1111 1111", "card [bank card]"),
    ("卡号5555555555554444", "卡号[bank card]"),
    # names
    ("My name is Ann Lee, and I waited", "My name is [name], and I waited"),
    ("my name's O'Brien.", "my name's [name]."),
    ("Mr. Wang helped me", "Mr. [name] helped me"),
    ("Manager Zhang was rude", "Manager [name] was rude"),
    ("我叫张伟，等了很久", "我叫[name]，等了很久"),
    ("我叫欧阳娜娜", "我叫[name]"),
    ("我叫王芳电话13812345678", "我叫[name]电话[phone]"),
    ("姓名：李小明", "姓名：[name]"),
    ("联系人：王芳 86-10-62751234", "联系人：[name] [phone]"),
    ("我姓陈", "我姓[name]"),
    ("张先生态度好", "[name]先生态度好"),
    ("感谢王经理", "感谢[name]经理"),
    ("找张伟女士", "找[name]女士"),
    ("江苏的赵店长很好", "江苏的[name]店长很好"),
]

LEFT = [
    # hotlines and service numbers are a firm's
    *("拨打400-810-8888无人接听", "4008108888", "call 400 600 1234", "客服10086和10000", "QQ 10000", "95588", "电话800-820-8820"),
    # dates and times
    *("2023-10-15 13:45:00", "20231015134500", "2019.10.01-2023.12.31", "电话20230501打过来", "0512-20231015", "1697352300000", "08618200833004"),
    # amounts, decimals, codes, addresses of machines
    *("￥13812345678", "13812345678元", "138.12345678", "3.13812345678", "0.13812345678", "192.168.101.15", "139.162.101.15"),
    *("SN13812345678AB", "NO_13812345678", "S013-2023-0456", "订单 20231015000123", "a1b2c13812345678d4", "1234567", "12,345,678"),
    *("5 4 3 5 1 2 3 4 5 6 7", "1 3 5 5 5 6 6 7 7 4 3", "6 7 7 5 4 3 2", "12 13 14 15 16 17 18", "rated 5 of 7, waited 45 min"),
    # no identity number, no card: the check digit, the date or the province is wrong
    *("110105194912310021", "110105194913310026", "990105194912310020", "110105491331002", "4111111111111112", "79927398713"),
    # not an account
    *("微信支付很方便", "WeChat payment is slow", "WeChat is convenient", "微信: good", "QQ群太多", "meet me @ store"),
    # not a name
    *("我叫服务员过来", "我叫马上处理没人理", "我叫了外卖", "总经理不在", "大堂经理态度差", "客户经理很好", "基金经理推荐", "保安经理来了"),
    *("向经理反映", "关于经理", "为何经理不来", "任何经理都不在", "上周经理没来", "谢谢经理", "谢谢女士", "对方女士插队", "高级经理"),
    *("年轻女士优先", "一位先生说", "小姐姐态度好", "双方老师", "收钱小姐", "my name is misspelled", "My name is not on the list"),
    *("the manager was rude", "MS Office", "I Miss China", "店名：中山路店", "希望姓名必填", "店员很好", "工程主任", "紧张", "江苏店长", "石家庄店长", "浙江经理"),
    # nothing at all
    *("", " ", "good", "很好", "[phone]", "[id number]", "我叫[name]，[name]先生", "QQ: [account]", "P0001"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_masked(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize("text", LEFT)
def test_left_alone(text):
    assert mask_text(text) == text


def test_the_table_is_long_enough_in_both_languages():
    chinese = re.compile("[\u4e00-\u9fff]")
    for texts in ([text for text, _ in MASKED], LEFT):
        assert len(texts) > 40
        assert min(sum(bool(chinese.search(t)) for t in texts), sum(not chinese.search(t) for t in texts)) >= 20


# --- identities for any text -------------------------------------------------------------------------------

PIECES = st.lists(
    st.sampled_from([
        *(text for text, _ in MASKED), *LEFT, "1", "38", "1234", "-", " ", "+", "（", "@", "qq.com", "：", "X", "x",
        "微信", "我叫", "先生", "张", "王", "伟", "电话", "Mr", "Ann", "[", "]", ".", "\n",
    ]),
    max_size=7,
).map("".join)  # fmt: skip
TEXTS = st.one_of(PIECES, st.text(max_size=40))
mobile = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_masking_twice_is_masking_once(text):
    once = mask_text(text)
    assert mask_text(once) == once


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_masking_only_takes_away(text):
    """Cutting the tokens out leaves pieces of the original, in order: no digit comes from anywhere else."""
    pieces = re.split("|".join(re.escape(f"[{kind}]") for kind in KINDS), mask_text(text))
    original = text
    if "[" not in text:
        for piece in pieces:
            assert piece in original
            original = original[original.index(piece) + len(piece) :]


@settings(max_examples=150, deadline=None)
@given(mobile, st.sampled_from(["{}{}{}", "{} {} {}", "{}-{}-{}", "+86 {} {} {}", "电话：{}—{}—{}", "（{}）{} {}"]))
def test_every_mobile_number_goes_however_it_is_written(number, form):
    text = "等了 20 分钟，" + form.format(number[:3], number[3:7], number[7:]) + "，很差"
    masked = mask_text(text)
    assert "[phone]" in masked
    assert re.findall(r"\d+", masked) == ["20"]


@settings(max_examples=100, deadline=None)
@given(st.integers(1900, 2020), st.integers(1, 12), st.integers(1, 28), st.integers(0, 999))
def test_every_valid_identity_number_goes_and_no_invalid_one(year, month, day, order):
    body = f"310104{year}{month:02d}{day:02d}{order:03d}"
    right = check_character(body)
    for last in "0123456789X":
        text = f"<{body}{last}>"
        assert mask_text(text) == ("<[id number]>" if last == right else text)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 99),
    st.sampled_from(["号店", "%", " min", "分", "/7", " 元"]),
    st.text("很好差等了，。 ok", max_size=15),
)
def test_small_numbers_stay(number, unit, words):
    text = f"{words}{number}{unit}{words}"
    assert mask_text(text) == text


# --- columns -----------------------------------------------------------------------------------------------


def study() -> pd.DataFrame:
    return pd.DataFrame({
        "受访者姓名": ["王芳", "李强", "", None],
        "store_name": ["中山路店", "Central Plaza", "中山路店", "x"],
        "手机": ["13812345678", "iPhone 14", "6275 1234", ""],
        "comment": ["good", "mail a.b@example.com or 13812345678", "good", None],
        "P_TAN1": [5, 6, 7, 5],
        "weight": [1.25, 0.8, 1.1, 1.0],
        "date": ["2023-10-15", "2023-10-16", "20231017", "2023/10/18"],
    })  # fmt: skip


def test_a_table_is_masked_column_by_column_and_the_rest_is_untouched():
    data, before = study(), study()
    masked, found = mask_personal_data(data)
    pd.testing.assert_frame_equal(data, before)
    assert masked["受访者姓名"].tolist()[:3] == ["[name]", "[name]", ""]
    assert masked["手机"].tolist() == ["[phone]", "iPhone 14", "[phone]", ""]
    assert masked["comment"].tolist()[:3] == ["good", "mail [e-mail] or [phone]", "good"]
    for name in ("store_name", "P_TAN1", "weight", "date"):
        pd.testing.assert_series_equal(masked[name], before[name])
    table = found.to_frame().set_index(["column", "kind"])
    assert table["n"].to_dict() == {
        ("受访者姓名", "name"): 2,
        ("手机", "phone"): 2,
        ("comment", "e-mail"): 1,
        ("comment", "phone"): 1,
    }
    assert table.loc[("手机", "phone"), "how"] == "heading"
    assert table.loc[("comment", "phone"), "how"] == "content"
    again, nothing = mask_personal_data(masked)
    pd.testing.assert_frame_equal(again, masked)
    assert nothing.frame.empty


def test_finding_changes_nothing_and_shows_no_number():
    data = study()
    found = find_personal_data(data)
    pd.testing.assert_frame_equal(data, study())
    assert set(found.frame["action"]) == {"found"}
    for shown in (found.to_string(), found.to_html(), found.to_csv(), found.in_language("zh").to_markdown()):
        assert "1381" not in shown
        assert "王芳" not in shown
        assert "example.com" not in shown


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
def test_texts_of_every_dtype(dtype):
    cells = pd.Series(["13812345678", "ok", None, "13812345678"], dtype=dtype)
    masked, found = mask_personal_data(pd.DataFrame({"answer": cells}))
    assert masked["answer"].iloc[[0, 1, 3]].tolist() == ["[phone]", "ok", "[phone]"]
    assert masked["answer"].isna().tolist() == [False, False, True, False]
    assert found.frame["n"].tolist() == [2]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([13812345678, 5], "int64", ["[phone]", 5]),
        ([13812345678.0, np.nan], "float64", ["[phone]", None]),
        ([13812345678, None], "Int64", ["[phone]", None]),
        ([440524188001010014, 7], "int64", ["[id number]", 7]),
        ([440524188001010014.0, 7.5], "float64", ["[id number]", 7.5]),  # a spreadsheet has lost the last digits
        ([110105491231002, 1], "int64", ["[id number]", 1]),
        ([int(CARD), 1], "int64", ["[bank card]", 1]),
        ([int(CARD) + 1, 1], "int64", None),
        ([20230000001, 20230000002], "int64", None),
        ([13812345678.5, 1.0], "float64", None),
        ([-13812345678, 1], "int64", None),
        ([np.inf, -np.inf], "float64", None),
        ([True, False], "bool", None),
    ],
)
def test_numbers_of_every_dtype(values, dtype, expected):
    data = pd.DataFrame({"q": pd.Series(values, dtype=dtype)})
    masked, found = mask_personal_data(data)
    if expected is None:
        pd.testing.assert_frame_equal(masked, data)
        assert found.frame.empty
    else:
        assert [None if pd.isna(v) else v for v in masked["q"]] == expected


def test_numbers_among_texts_as_excel_gives_them():
    cells = [13812345678.0, 13812345678, "13812345678", 5.0, None, "不便透露", True]
    masked, found = mask_personal_data(pd.DataFrame({"q12": pd.Series(cells, dtype=object)}))
    assert masked["q12"].tolist()[:4] == ["[phone]", "[phone]", "[phone]", 5.0]
    assert masked["q12"].tolist()[5:] == ["不便透露", True]
    assert found.frame["n"].tolist() == [3]


def test_a_column_of_long_codes_is_no_column_of_cards():
    rng = np.random.default_rng(1)
    codes = rng.integers(4_000_000_000_000_000, 5_000_000_000_000_000, 500)
    assert sum(has_luhn_digit(str(code)) for code in codes) > 25, "one in ten has the digit by chance"
    data = pd.DataFrame({"order": codes})
    pd.testing.assert_frame_equal(mask_personal_data(data)[0], data)


def test_declared_columns_are_left_alone():
    data = pd.DataFrame({"store": [13812345678, 13987654321], "name": ["Ann", "Bob"], "q1": [1, 2]})
    masked, found = mask_personal_data(data, ignore=["store", "name"])
    pd.testing.assert_frame_equal(masked, data)
    assert found.frame.empty
    assert set(mask_personal_data(data, ignore="store")[1].frame["column"]) == {"name"}


def test_a_respondent_column_with_phone_numbers_becomes_codes_and_duplicates_stay():
    numbers = ["13812345678", "13987654321", "138 1234 5678", "", "１３９８７６５４３２１", 13812345678.0, None]
    data = pd.DataFrame({"respondent": pd.Series(numbers, dtype=object), "q": range(7)})
    masked, found = mask_personal_data(data, respondent="respondent")
    assert masked["respondent"].tolist()[:3] == ["P0001", "P0002", "P0001"]
    assert masked["respondent"].tolist()[4:6] == ["P0002", "P0001"]
    assert masked["respondent"].iloc[3] == ""
    assert pd.isna(masked["respondent"].iloc[6])
    assert found.frame["action"].tolist() == ["coded"]
    again = mask_personal_data(masked, respondent="respondent")
    pd.testing.assert_frame_equal(again[0], masked)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["13812345678", "13987654321", "A-1", "1-11", "11-1", "x", "15", ID_X]), min_size=1))
def test_codes_tell_the_same_people_apart_as_before(ids):
    data = pd.DataFrame({"id": ["13711112222", *ids]})
    coded = mask_personal_data(data, respondent="id")[0]["id"]
    assert (pd.factorize(data["id"])[0] == pd.factorize(coded)[0]).all()
    assert coded.str.fullmatch(r"P\d{4}").all()


def test_a_respondent_column_without_personal_data_stays():
    data = pd.DataFrame({"respondent": ["E0001", "E0002"], "q": [1, 2]})
    pd.testing.assert_frame_equal(mask_personal_data(data, respondent="respondent")[0], data)


@pytest.mark.parametrize(
    ("heading", "cell", "masked"),
    [
        ("Respondent Name", "ann lee", "[name]"),
        ("surname", "Müller", "[name]"),
        ("联系人", "小王", "[name]"),
        ("Staff name", "S-12", "S-12"),
        ("门店名称", "中山路店", "中山路店"),
        ("product name", "Nova", "Nova"),
        ("ID card", "AB 123456", "[id number]"),
        ("手机号码", "400-810-8888", "400-810-8888"),
        ("phone satisfaction", "5", "5"),
        ("Mobile No.", 62751234, "[phone]"),
        ("phone", 5, 5),
        ("微信号", "zhangsan", "[account]"),
        ("wechat", 1, 1),
        ("家庭住址", "中山路 12 号", "[address]"),
        ("address", "Store 5", "Store 5"),
        ("邮箱", "无", "无"),
    ],
)
def test_headings(heading, cell, masked):
    data = pd.DataFrame({heading: [cell, cell]})
    assert mask_personal_data(data)[0][heading].tolist() == [masked, masked]


def test_odd_tables():
    for data in (
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame([["13812345678", "ok"]], columns=["a", "a"]),
        pd.DataFrame({3: ["13812345678"]}, index=["r"]),
        pd.DataFrame({"a": ["13812345678", "x"]}, index=[0, 0]),
        pd.DataFrame({"t": pd.to_datetime(["2023-10-15"]), "none": [None], "nan": [np.nan]}),
    ):
        masked, found = mask_personal_data(data)
        assert masked.shape == data.shape
        assert list(masked.index) == list(data.index)
        assert "13812345678" not in masked.to_string()
        assert found.n_rows == len(data)


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"no column 'coment'. Did you mean 'comment'"):
        find_personal_data(study(), ignore=["coment"])
    with pytest.raises(DataError, match="no column 'id'"):
        mask_personal_data(study(), respondent="id")
    with pytest.raises(SpecError, match="not a pandas DataFrame"):
        find_personal_data([1, 2])


def test_the_report_reads_in_both_languages():
    masked, found = mask_personal_data(study())
    assert found.sentence().startswith("Personal data stood in 3 columns (name in 2 cells, phone number in 3 cells,")
    zh = found.in_language("zh")
    assert zh.sentence() == "3 列含有个人信息（姓名 2 格、电话号码 3 格、电子邮箱 1 格），已遮蔽。"
    assert "电话号码" in zh.to_string()
    assert "依列标题" in zh.to_string()
    assert mask_personal_data(masked)[1].sentence() == "No personal data were found."
    assert mask_personal_data(masked, language="zh")[1].sentence() == "未发现个人信息。"
    assert "仅在本文件内有效" in mask_personal_data(study(), respondent="手机", language="zh")[1].note()


def test_six_thousand_real_codes_are_no_phone_numbers(shared):
    """The school codes (14 digits), counts, scores and place names of the California API data."""
    data = pd.read_csv(shared.path("data", "apipop.csv"), dtype=object)
    assert find_personal_data(data).frame.empty
    assert find_personal_data(shared.frame("apipop.csv")).frame.empty
    schools = find_personal_data(shared.frame("apisrs.csv"))
    assert schools.frame["column"].tolist() == ["name"], "a heading that is only 'name' counts as a person's"


def test_the_sample_data_hold_nobody():
    for name in ("intercept", "expectation", "stores"):
        assert find_personal_data(pd.read_csv(SAMPLE / f"{name}.csv", dtype=object)).frame.empty


def test_numeric_columns_cost_little():
    import time

    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.integers(1, 8, (1_000_000, 8)), columns=[f"q{k}" for k in range(8)])
    data["weight"] = rng.random(1_000_000)
    start = time.perf_counter()
    assert find_personal_data(data).frame.empty
    assert time.perf_counter() - start < 5, "a range test, not a reading of a million numbers"
