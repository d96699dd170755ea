"""Checklists: the shipped ones against the study plan, weights and shares by hand, every fault with its place, Excel and back."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.mystery import Category, Checklist, ChecklistItem, Indicator, Level
from servqual.mystery.checklist import available_checklists, load_checklist, same_instrument
from servqual.mystery.checklist_files import BLOCKS, HEAD, KEYS, as_checklist
from servqual.mystery.workbook import write_checklist_workbook
from survey_design.errors import DataError, SpecError

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SHIPPED = available_checklists()


def toml_of(name: str) -> str:
    return (resources.files("servqual.mystery") / "checklists" / f"{name}.toml").read_text(encoding="utf-8")


def words(text: str) -> dict[str, str]:
    return {"en": text, "zh": text}


def tiny(item: ChecklistItem, **head: object) -> Checklist:
    """One category, one indicator, this item."""
    category, indicator = Category("c", words("C"), 1.0), Indicator("k", words("K"), "c", 1.0)
    return Checklist("tiny", "1", words("Tiny"), (category,), (indicator,), (item,), **head)


# --- the shipped ones --------------------------------------------------------------------------------------


def test_the_store_checklist_has_the_five_categories_and_the_marketing_module_of_the_plan():
    """Rule 2 of the requirements: 5 inspection categories, 3 marketing checks."""
    checklist = load_checklist("telecom-store")
    base = [each.label["zh"] for each in checklist.categories if not each.module]
    assert base == ["服务意识", "人员质量", "过程质量", "环境设施", "服务结果"]
    assert checklist.modules == ("marketing",)
    assert [each.label["zh"] for each in checklist.indicators_of("marketing")] == [
        "主动营销",
        "业务宣传一致性",
        "客户挽留度",
    ]
    assert 25 <= len(checklist.items) <= 40
    assert {item.type for item in checklist.items} == {"yes_no", "graded", "timed", "counted"}


def test_the_four_forbidden_charging_practices_are_vetoes():
    """Rule 33: charging against the contract, forced bundling, forged orders, malicious deduction."""
    vetoes = [item for item in load_checklist("telecom-store").items_of("fair_charging") if item.veto]
    assert len(vetoes) == 4
    said = "".join(item.hint["zh"] + item.text["zh"] for item in vetoes)
    for practice in ("违反协议", "强行捆绑", "并非本人办理的订购", "未经告知的扣费"):
        assert practice in said


def test_the_installation_checklist_has_the_five_stages():
    """Rule 32: appointment, visit, work, acceptance, return visit."""
    checklist = load_checklist("home-installation")
    assert [each.label["zh"] for each in checklist.categories] == ["预约", "上门", "施工", "验收", "回访"]
    text = "".join(item.text["en"] for item in checklist.items)
    for rule in (
        "30 minutes",
        "text message",
        "Shoe covers",
        "promise card",
        "speed tested",
        "restart the router",
        "manual",
    ):
        assert rule.casefold() in text.casefold()


@pytest.mark.parametrize("name", SHIPPED)
def test_all_words_are_given_in_both_languages(name):
    checklist = load_checklist(name)
    texts = [checklist.title, *checklist.words().values(), *(item.text for item in checklist.items)]
    texts += [level.label for item in checklist.items for level in item.levels]
    texts += [each for item in checklist.items for each in (item.hint, item.unit) if each]
    for text in texts:
        assert CHINESE.search(text["zh"]), text
        assert not CHINESE.search(text["en"]), text
        assert not re.search(r"[\u4e00-\u9fff][,?!;]", text["zh"]), "half-width punctuation"
    assert checklist.sentence().endswith(".")
    assert checklist.in_language("zh").sentence().endswith("。")


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_sum_to_one_at_both_levels(name):
    checklist = load_checklist(name)
    assert checklist.indicator_weights.sum() == pytest.approx(1)
    assert checklist.category_weights.sum() == pytest.approx(1)
    for k, category in enumerate(checklist.categories):
        within = checklist.weights_within[checklist.indicator_category == k]
        assert within.sum() == pytest.approx(1), category.id


def test_the_store_checklist_says_what_it_holds():
    """The sentence against a count of the file's own headings."""
    text = toml_of("telecom-store")
    items, vetoes = len(re.findall(r"^\[\[items\]\]", text, re.M)), len(re.findall(r"^veto = true", text, re.M))
    checklist = load_checklist("telecom-store")
    assert f"5 categories, 20 indicators, {items} items, {vetoes} vetoes" in checklist.sentence()
    assert f"{items} 个检查项，其中 {vetoes} 项一票否决" in checklist.in_language("zh").sentence()


# --- weights and modules -----------------------------------------------------------------------------------


def test_two_level_weights_by_hand():
    """0.2 · 0.35 for the greeting, 0.25 · 0.30 for the charges."""
    checklist = load_checklist("telecom-store")
    weight = dict(zip([each.id for each in checklist.indicators], checklist.indicator_weights, strict=True))
    assert weight["greeting"] == pytest.approx(0.07)
    assert weight["fair_charging"] == pytest.approx(0.075)
    assert weight["active_marketing"] == 0
    np.testing.assert_allclose(checklist.module_weights("marketing")[-3:], [0.4, 0.3, 0.3])
    assert checklist.module_weights("marketing")[:-3].sum() == 0


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.99))
def test_a_module_takes_its_share_and_leaves_the_rest_in_proportion(share):
    checklist = load_checklist("telecom-store")
    whole = checklist.with_module("marketing", weight=share)
    assert whole.category_weights.sum() == pytest.approx(1)
    assert whole.category_weights[-1] == pytest.approx(share)
    np.testing.assert_allclose(whole.category_weights[:-1] / (1 - share), checklist.category_weights[:-1])
    assert whole.modules == ()


def test_a_module_takes_the_share_in_the_file_if_none_is_given():
    assert load_checklist("telecom-store").with_module("marketing").category_weights[-1] == pytest.approx(0.10)
    with pytest.raises(SpecError, match="no module 'sales'"):
        load_checklist("telecom-store").with_module("sales")
    with pytest.raises(SpecError, match="must lie between 0 and 1"):
        load_checklist("telecom-store").with_module("marketing", weight=1)


def test_positions_lead_from_items_to_categories():
    checklist = load_checklist("telecom-store")
    for item, at in zip(checklist.items, checklist.item_indicator, strict=True):
        indicator = checklist.indicators[at]
        assert item.indicator == indicator.id
        assert checklist.categories[checklist.indicator_category[at]].id == indicator.category
    assert checklist.points.tolist() == [item.points for item in checklist.items]


# --- shares of points --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "answers", "shares"),
    [
        (ChecklistItem("i", words("I"), "k"), [1, 0, 2, 0.5, -8], [1, 0, np.nan, np.nan, np.nan]),
        (
            ChecklistItem("i", words("I"), "k", "graded", levels=(Level(3, 1), Level(1, 0), Level(2, 0.7))),
            [1, 2, 3, 4, 0, 2.5],
            [0, 0.7, 1, np.nan, np.nan, np.nan],
        ),
        (
            ChecklistItem("i", words("I"), "k", "timed", limit=5, zero_at=20),
            [0, 5, 8, 12.5, 20, 99, -1],
            [1, 1, 0.8, 0.5, 0, 0, np.nan],
        ),
        (ChecklistItem("i", words("I"), "k", "timed", limit=5), [0, 5, 5.01], [1, 1, 0]),
        (ChecklistItem("i", words("I"), "k", "counted", limit=0, zero_at=4), [0, 1, 3, 4, 9], [1, 0.75, 0.25, 0, 0]),
        (
            ChecklistItem("i", words("I"), "k", "counted", target=4, maximum=6),
            [0, 1, 4, 6, 7, 1.5],
            [0, 0.25, 1, 1, np.nan, np.nan],
        ),
        (ChecklistItem("i", words("I"), "k", "timed", target=10), [0, 2.5, 10, 30, np.inf], [0, 0.25, 1, 1, np.nan]),
    ],
)
def test_shares_by_hand(item, answers, shares):
    np.testing.assert_allclose(item.shares([*answers, np.nan]), [*shares, np.nan])
    np.testing.assert_array_equal(item.accepts([*answers, np.nan]), np.isfinite([*shares, np.nan]))
    assert tiny(item).items[0] is item


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 50), st.floats(0.1, 50), st.lists(st.floats(0, 200), min_size=2, max_size=20))
def test_less_is_never_worth_less_where_less_is_better(limit, width, answers):
    item = ChecklistItem("i", words("I"), "k", "timed", limit=limit, zero_at=limit + width)
    shares = item.shares(sorted(answers))
    assert (np.diff(shares) <= 0).all()
    assert ((shares >= 0) & (shares <= 1)).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_item_can_earn_all_points_and_every_veto_can_be_violated(name):
    for item in load_checklist(name).items:
        answers = list(item.values) or np.arange(0, item.maximum + 1)
        assert item.shares(answers).max() == 1
        assert (item.shares(answers).min() == 0) == item.can_fail


# --- the same instrument -----------------------------------------------------------------------------------


def test_words_and_order_do_not_make_another_instrument():
    checklist = load_checklist("telecom-store")
    turned = replace(
        checklist,
        title=words("Other"),
        categories=checklist.categories[::-1],
        indicators=checklist.indicators[::-1],
        items=tuple(replace(item, hint=words("look")) for item in checklist.items[::-1]),
        language="zh",
    )
    assert same_instrument(checklist, turned) == []
    assert turned.digest == checklist.digest


@pytest.mark.parametrize(
    ("change", "en", "zh"),
    [
        ({"id": "own"}, "the ids differ: 'telecom-store' and 'own'", "编号不同"),
        ({"version": "1.1"}, "the versions differ: '1.0' and '1.1'", "版本不同"),
        ({"veto_rule": "visit"}, "the veto rule", "否决规则"),
        ({"rebase": "within"}, "the rule for what doesn't apply", "不适用项"),
        ({"items": "points"}, "1 item differs: greet_time", "1 个检查项不同：greet_time"),
        ({"items": "veto"}, "1 item differs: greet_time", "1 个检查项不同：greet_time"),
        ({"items": "gone"}, "1 item differs: greet_time", "1 个检查项不同：greet_time"),
        ({"weights": True}, "the weights differ", "权重不同"),
    ],
)
def test_what_differs_is_said_in_both_languages(change, en, zh):
    checklist = load_checklist("telecom-store")
    first, *others = checklist.items
    items = {
        "points": (replace(first, points=5.0), *others),
        "veto": (replace(first, veto=True), *others),
        "gone": tuple(others),
    }
    if "items" in change:
        change = {"items": items[change["items"]]}
    if "weights" in change:
        a, b, *more = checklist.categories
        change = {"categories": (replace(a, weight=0.3), replace(b, weight=0.1), *more)}
    reasons = same_instrument(checklist, replace(checklist, **change))
    assert len(reasons) == 1
    assert en in reasons[0]["en"]
    assert zh in reasons[0]["zh"]
    named = "id" in change or "version" in change
    assert (replace(checklist, **change).digest == checklist.digest) == named


def test_a_checklist_with_its_module_inside_is_another_instrument():
    checklist = load_checklist("telecom-store")
    said = " ".join(reason["en"] for reason in same_instrument(checklist, checklist.with_module("marketing")))
    assert "modules differ" in said
    assert "the weights differ" in said


def test_validity():
    checklist = replace(load_checklist("telecom-store"), valid_from=date(2026, 1, 1), valid_to=date(2026, 6, 30))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [checklist.valid_on(day) for day in days] == [False, True, True, False]
    assert replace(checklist, valid_from=None, valid_to=None).valid_on(date(1999, 1, 1))


# --- faults ------------------------------------------------------------------------------------------------


def line_of(text: str, block: str, name: str) -> int:
    """The line of the heading above an id."""
    at = text.index(f'id = "{name}"')
    return text[:at].count("\n", 0, text[:at].rindex(f"[[{block}]]")) + 1


FAULTS = [
    ("weight = 0.25", "weight = 0.15", None, "weight of categories: they sum to 0.9, not to 1"),
    ('id = "awareness"\nlabel.en = "Service awareness"\nlabel.zh = "服务意识"\nweight = 0.20', 'id = "awareness"\nlabel.en = "Service awareness"\nlabel.zh = "服务意识"\nweight = -0.20', ("categories", "awareness"), "weight: -0.2 is negative"),
    ('category = "awareness"\nweight = 0.35\nthemes = ["service_norms"]', 'category = "awareness"\nweight = 0.25\nthemes = ["service_norms"]', ("categories", "awareness"), "weight of its indicators: they sum to 0.9, not to 1"),
    ('category = "awareness"\nweight = 0.35\nthemes = ["service_norms"]', 'weight = 0.35', ("indicators", "greeting"), "category: it belongs to no category"),
    ('category = "awareness"\nweight = 0.35\nthemes = ["service_norms"]', 'category = "mood"\nweight = 0.35', ("indicators", "greeting"), "category: 'mood' is not declared"),
    ('id = "farewell"\nindicator = "greeting"', 'id = "farewell"', ("items", "farewell"), "indicator: it belongs to no indicator"),
    ('id = "farewell"\nindicator = "greeting"', 'id = "farewell"\nindicator = "leaving"', ("items", "farewell"), "indicator: 'leaving' is not declared"),
    ('id = "farewell"', 'id = "greet_time"', None, "id: 'greet_time' is taken by item 1"),
    ('id = "farewell"', 'id = "Greeting"', None, "id: 'Greeting' is taken by indicator 1"),
    ('id = "farewell"', 'id = "store"', None, "id: 'store' is a column of the visit itself"),
    ('id = "farewell"', 'id = "送 客"', None, "id: it can't name a column or a form"),
    ('id = "farewell"', 'id = ""', None, "id: it is empty"),
    ('id = "farewell"', 'id = "farewell"\ntype = "stars"', ("items", "farewell"), "type: 'stars' is not known; use yes_no, graded, timed, counted"),
    ('label.zh = "送客"\n', "", ("items", "farewell"), "label.zh: the words in 'zh' are missing"),
    ('text.zh = "离店时，店员是否道别或致谢？"\n', "", ("items", "farewell"), "text.zh: the words in 'zh' are missing"),
    ('id = "farewell"\nindicator = "greeting"\npoints = 1', 'id = "farewell"\nindicator = "greeting"\npoints = 0', ("items", "farewell"), "points: 0.0 must be a number above 0"),
    ('id = "farewell"\nindicator = "greeting"\npoints = 1', 'id = "farewell"\nindicator = "greeting"\npoints = "two"', ("items", "farewell"), "points: 'two' is not a number"),
    ('id = "farewell"\nindicator', 'id = "farewell"\ncolour = 1\nindicator', ("items", "farewell"), "colour: the key is not known"),
    ("limit = 30\nzero_at = 120", "limit = 120\nzero_at = 30", ("items", "greet_time"), "zero_at: 30 must be larger than limit, 120"),
    ("limit = 30\nzero_at = 120\nmaximum = 3600", "limit = 30\nzero_at = 120\nmaximum = 20", ("items", "greet_time"), "maximum: 20 is smaller than limit, 30"),
    ("limit = 30\nzero_at = 120", "zero_at = 120", ("items", "greet_time"), "limit: give either limit (up to it all points are earned) or target"),
    ("limit = 30\nzero_at = 120", "limit = 30\ntarget = 120", ("items", "greet_time"), "not both"),
    ("limit = 30\nzero_at = 120", "limit = -1\nzero_at = 120", ("items", "greet_time"), "limit: -1.0 is not a number from 0"),
    ("limit = 30\nzero_at = 120\nmaximum = 3600", "veto = true\nlimit = 30\nzero_at = 120\nmaximum = 100", ("items", "greet_time"), "veto: no answer earns nothing, so that it can't be violated"),
    ("value = 0, share = 0.0, label.en = \"Asked nothing\"", "value = 0, share = 0.1, label.en = \"Asked nothing\"", None, ""),
    ("value = 2, share = 1.0, label.en = \"Use", "value = 2, share = 0.9, label.en = \"Use", ("items", "asks_needs"), "levels: no level earns all points"),
    ("value = 2, share = 1.0, label.en = \"Use", "value = 2, share = 1.5, label.en = \"Use", ("items", "asks_needs"), "levels: the share 1.5 of value 2 must lie from 0 to 1"),
    ("value = 1, share = 0.5, label.en = \"One or", "value = 2, share = 0.5, label.en = \"One or", ("items", "asks_needs"), "levels: the value 2 stands for two answers"),
    ("value = 1, share = 0.5, label.en = \"One or", "value = 1.5, share = 0.5, label.en = \"One or", ("items", "asks_needs"), "levels: the value 1.5 is not a whole number"),
    ("valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_to = 2025-01-01", None, "valid_to: 2025-01-01 lies before valid_from, 2026-01-01"),
    ("valid_from = 2026-01-01", 'valid_from = "soon"', None, "valid_from: 'soon' is not a day"),
    ('veto_rule = "indicator"', 'veto_rule = "store"', None, "veto_rule: 'store' is not known; use indicator, category, visit"),
    ('rebase = "overall"', 'rebase = "none"', None, "rebase: 'none' is not known"),
    ("minutes = 15", "hours = 1", None, "evidence: 'hours' is not known; use minutes, photos"),
    ("points = 2\nveto = true", "points = 2\ncap = { indicator = 100 }", ("items", "respect"), "cap: 100 must lie from 0 to below 100"),
    ("points = 2\nveto = true", "points = 2\ncap = { store = 60 }", ("items", "respect"), "cap: 'store' is not known"),
    ("points = 2\nveto = true", 'points = 2\nveto = "yes"', ("items", "respect"), "veto: 'yes' is not true or false"),
    ("weight = 0.10\nmodule", "weight = 1.0\nmodule", None, "weight of module 'marketing': it takes 1 of the total"),
    ('languages = ["en", "zh"]', 'languages = ["en", "de"]', None, "languages: ['en', 'de'] must be one or both"),
    ('version = "1.0"\n', "", None, "version: it is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "said"), FAULTS, ids=[said[:40] or "none" for *_, said in FAULTS])
def test_a_fault_is_named_with_its_line_and_key(tmp_path, old, new, place, said):
    text = toml_of("telecom-store")
    assert old in text
    changed = text.replace(old, new, 1)
    path = tmp_path / "own.toml"
    path.write_text(changed, encoding="utf-8")
    if not said:  # a level that earns something is no fault where nothing needs to fail
        load_checklist(path)
        return
    with pytest.raises(SpecError) as caught:
        load_checklist(path)
    message = str(caught.value)
    assert said in message
    if place:
        block, name = place
        line = next(each for each in message.splitlines() if said in each)
        assert line.startswith(f"- own.toml, line {line_of(changed, block, name)}, [[{block}]]")
        assert f"'{name}'" in line


def test_all_faults_are_named_at_once(tmp_path):
    text = toml_of("telecom-store")
    chosen = [FAULTS[k] for k in (0, 2, 5, 12, 18, 25, 29)]
    for old, new, _, _ in chosen:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=f"own.toml has {len(chosen)} faults") as caught:
        load_checklist(path)
    for *_, said in chosen:
        assert said in str(caught.value)


def test_a_checklist_made_in_python_is_checked_in_the_same_way():
    with pytest.raises(SpecError) as caught:
        tiny(
            ChecklistItem("i", {"en": "I"}, "x", "counted", points=-1, target=1.5),
            valid_from=date(2026, 2, 1),
            valid_to=date(2026, 1, 1),
        )
    message = str(caught.value)
    assert "checklist 'tiny' has 6 faults" in message
    for said in (
        "valid_to",
        "indicator 1 'k': it has no item",
        "item 1 'i', indicator: 'x'",
        "label.zh",
        "points: -1",
        "target: 1.5 is no count",
    ):
        assert said in message
    with pytest.raises(SpecError, match="nan is not a number"):
        replace(tiny(ChecklistItem("i", words("I"), "k")), categories=(Category("c", words("C"), float("nan")),))


def test_an_unknown_language_is_one_fault(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        toml_of("telecom-store").replace('languages = ["en", "zh"]', 'languages = ["en", "de"]'), encoding="utf-8"
    )
    with pytest.raises(SpecError, match=r"own.toml has 1 fault:"):
        load_checklist(path)


def test_levels_without_words_are_called_by_their_numbers():
    item = ChecklistItem("i", words("I"), "k", "graded", levels=(Level(0, 0), Level(1, 1)))
    assert item.values == {0: words("0"), 1: words("1")}
    assert tiny(item).questionnaire().question("i").codes == (0, 1, -8)


def test_an_empty_checklist_says_what_it_lacks():
    with pytest.raises(SpecError) as caught:
        Checklist("", "1", {}, (), (), ())
    for said in (
        "id: it is empty",
        "title.en",
        "categories: there is none",
        "indicators: there is none",
        "items: there is none",
    ):
        assert said in str(caught.value)


GARBAGE = [3, -1.5, float("inf"), float("nan"), "x", "", [], {}, True, [1], {"en": 3}, date(2026, 1, 1), [[]], [{}]]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_key_is_used_or_refused_in_words(data):
    """No value of any key ends in another error than the one that names faults; what is accepted can be scored and asked."""
    content = tomllib.loads(toml_of("telecom-store"))
    block = data.draw(st.sampled_from(["", "levels", *BLOCKS.values()]))
    kind = {name: kind for kind, name in BLOCKS.items()}.get(block, "")
    if block == "levels":
        entry, keys = content["items"][2]["levels"][0], ("value", "share", "label")
    else:
        entry = data.draw(st.sampled_from(content[block])) if block else content
        keys = KEYS[kind] if block else (*HEAD, *BLOCKS.values())
    entry[data.draw(st.sampled_from(keys))] = data.draw(st.sampled_from(GARBAGE))
    said = ""
    try:
        checklist = as_checklist(content, "own.toml", {})
    except SpecError as error:
        said = str(error)
    if said:
        assert said.startswith("own.toml has ")
        return
    assert checklist.indicator_weights.sum() == pytest.approx(1)
    assert len(checklist.digest) == 64


def test_files_that_are_no_checklist(tmp_path):
    with pytest.raises(SpecError, match=r"no checklist 'shop'\. Shipped: home-installation, telecom-store"):
        load_checklist("shop")
    with pytest.raises(
        SpecError, match=r"file 'lists/shop\.toml' was not found.*by name: home-installation, telecom-store"
    ):
        load_checklist("lists/shop.toml")
    with pytest.raises(SpecError, match=r"is a folder. Give the \.toml or \.xlsx file in it"):
        load_checklist(tmp_path)
    (tmp_path / "shop.csv").write_text("id", encoding="utf-8")
    with pytest.raises(SpecError, match=r"shop\.csv' is no \.toml or \.xlsx file"):
        load_checklist(tmp_path / "shop.csv")
    path = tmp_path / "own.toml"
    path.write_text("id = ", encoding="utf-8")
    with pytest.raises(SpecError, match=r"own.toml is not valid TOML"):
        load_checklist(path)
    path.write_bytes("title = '门店'".encode("gb18030"))
    with pytest.raises(SpecError, match="not UTF-8"):
        load_checklist(path)
    path.write_text("items = 3\ncategories = [1]", encoding="utf-8")
    with pytest.raises(SpecError, match=r"items: it is not a list of blocks"):
        load_checklist(path)


# --- Excel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_workbook_comes_back_as_it_was(tmp_path, name, language):
    checklist = load_checklist(name)
    checklist = replace(
        checklist, items=(replace(checklist.items[0], cap={"indicator": 60.0, "visit": 80.0}), *checklist.items[1:])
    )
    path = write_checklist_workbook(checklist, tmp_path / "own.xlsx", language=language)
    assert load_checklist(path) == checklist
    sheets = openpyxl.load_workbook(path).sheetnames
    assert sheets == (["检查表", "指标", "检查项"] if language == "zh" else ["checklist", "indicators", "items"])


def workbook(folder: Path, language: str = "en", name: str = "telecom-store") -> tuple[Path, openpyxl.Workbook]:
    path = write_checklist_workbook(load_checklist(name), folder / "own.xlsx", language=language)
    return path, openpyxl.load_workbook(path)


def column(sheet: openpyxl.worksheet.worksheet.Worksheet, heading: str) -> int:
    return [cell.value for cell in sheet[1]].index(heading) + 1


def test_two_sheets_are_enough(tmp_path):
    path, book = workbook(tmp_path)
    del book["checklist"]
    book.save(path)
    checklist = load_checklist(path)
    assert (checklist.id, checklist.version, checklist.title) == ("own", "1", words("own"))
    assert [item.id for item in checklist.items] == list(load_checklist("telecom-store").columns)


def test_types_and_vetoes_in_chinese_words(tmp_path):
    path, book = workbook(tmp_path, "zh")
    sheet = book["检查项"]
    said = {"yes_no": "是非", "graded": "分级", "timed": "计时", "counted": "计数"}
    for row in range(2, sheet.max_row + 1):
        kind, veto = sheet.cell(row, column(sheet, "题型")), sheet.cell(row, column(sheet, "一票否决"))
        kind.value, veto.value = said[kind.value], "是" if veto.value == "yes" else "否"
    book.save(path)
    assert load_checklist(path) == load_checklist("telecom-store")


def test_every_fault_of_a_workbook_is_named_with_its_sheet_and_row(tmp_path):
    path, book = workbook(tmp_path)
    indicators, items = book["indicators"], book["items"]
    indicators.cell(3, column(indicators, "category_weight")).value = 0.3
    indicators.cell(5, column(indicators, "weight")).value = "much"
    items.cell(2, column(items, "points")).value = -3
    items.cell(4, column(items, "levels")).value = "2 = 1\n1 : 0.5\n0 = 0"
    items.cell(5, column(items, "label_zh")).value = None
    items.cell(6, column(items, "veto")).value = "perhaps"
    items.cell(7, items.max_column + 1).value = "x"
    items.cell(1, items.max_column).value = "colour"
    book["checklist"].append(["mood", "good"])
    book.save(path)
    with pytest.raises(SpecError) as caught:
        load_checklist(path)
    message = str(caught.value)
    for said in (
        "sheet 'checklist', row 16, 'mood': it isn't known",
        "sheet 'items', 'colour': the column isn't known",
        "sheet 'indicators', row 2, category 'awareness', weight: row 3 says 0.3, the first row of the category 0.2",
        "sheet 'indicators', row 5 'appearance', weight: 'much' is not a number",
        "sheet 'items', row 2 'greet_time', points: -3.0 must be a number above 0",
        "sheet 'items', row 4 'asks_needs', levels: '1 : 0.5': write a line for each level",
        "sheet 'items', row 5 'friendliness', label.zh: the words in 'zh' are missing",
        "sheet 'items', row 6 'respect', veto: 'perhaps' is not true or false",
    ):
        assert said in message, said


def test_blank_rows_are_passed_by_and_keep_the_places(tmp_path):
    path, book = workbook(tmp_path)
    items = book["items"]
    items.insert_rows(3)
    items.cell(5, column(items, "points")).value = 0
    book.save(path)
    with pytest.raises(SpecError, match=r"has 1 fault:\n- own.xlsx, sheet 'items', row 5 'asks_needs', points"):
        load_checklist(path)


def test_a_workbook_without_its_sheets(tmp_path):
    path, book = workbook(tmp_path)
    del book["items"]
    book.save(path)
    with pytest.raises(DataError, match="sheet 'items' cannot be read"):
        load_checklist(path)


def test_full_width_punctuation_survives_the_workbook(tmp_path):
    path, _ = workbook(tmp_path)
    assert load_checklist(path).item("greet_time").text["zh"].endswith("？")
    assert load_checklist(path).item("greet_time").label["zh"] == "迎客用时（秒）"


# --- Excel as Chinese programmes fill it in ------------------------------------------------------------------


def chinese(folder: Path, change=lambda book: None) -> Path:
    """The shipped checklist as a workbook with Chinese sheets, Chinese words alone and no row of languages."""
    path, book = workbook(folder, "zh")
    for sheet in book.worksheets:
        for j in range(sheet.max_column, 0, -1):
            if str(sheet.cell(1, j).value).endswith("（英文）"):
                sheet.delete_cols(j)
    head = book["检查表"]
    for i in range(head.max_row, 1, -1):
        if head.cell(i, 1).value in ("语言", "标题（英文）"):
            head.delete_rows(i)
    change(book)
    book.save(path)
    return path


def test_a_workbook_in_chinese_alone_is_taken_as_what_it_is(tmp_path):
    """It needs no row of languages; sixteen faults, one a cell, were the answer to it before."""
    checklist = load_checklist(chinese(tmp_path), language="zh")
    assert checklist.languages == ("zh",)
    assert checklist.digest == load_checklist("telecom-store").digest
    assert checklist.words()["greeting"]["zh"] == load_checklist("telecom-store").words()["greeting"]["zh"]


def test_a_workbook_with_some_words_in_english_names_the_row_of_languages(tmp_path):
    def one_in_english(book):
        sheet = book["指标"]
        sheet.cell(1, sheet.max_column + 1).value = "指标（英文）"
        sheet.cell(2, sheet.max_column).value = "Greeting"

    with pytest.raises(SpecError) as caught:
        load_checklist(chinese(tmp_path, one_in_english))
    assert "sheet '指标', row 3 'initiative', 指标（英文）: the words in 'en' are missing" in str(caught.value)
    assert "leave 'en' out of the row 语言 on sheet '检查表'" in str(caught.value)


def test_faults_of_a_chinese_workbook_are_told_in_its_own_headings(tmp_path):
    def change(book):
        indicators, items = book["指标"], book["检查项"]
        indicators.cell(4, column(indicators, "类别内权重")).value = "much"
        indicators.cell(6, column(indicators, "类别编号")).value = None
        items.cell(2, column(items, "分值")).value = None
        items.cell(3, column(items, "检查项编号")).value = "1st"
        items.cell(5, column(items, "简称（中文）")).value = None
        items.cell(6, column(items, "一票否决")).value = "X"
        items.cell(1, items.max_column + 1).value = "颜色"
        items.cell(2, items.max_column).value = "red"
        book["检查表"].append(["心情", "好"])

    with pytest.raises(SpecError) as caught:
        load_checklist(chinese(tmp_path, change))
    message = str(caught.value)
    for said in (
        "sheet '检查表', row 14, '心情': it isn't known; use 编号, 版本",
        "sheet '检查项', '颜色': the column isn't known; use 检查项编号, 指标编号",
        "sheet '指标', row 4 'affinity', 类别内权重: 'much' is not a number",
        "类别编号: it is empty; a merged cell speaks for its first row only: write the category in every row",
        "sheet '检查项', row 2 'greet_time', 分值: it is empty, while other items have points; write a number, such as 1",
        "sheet '检查项', row 3 '1st', 检查项编号: it can't name a column",
        "sheet '检查项', row 5 'friendliness', 简称（中文）: the words in 'zh' are missing",
        "sheet '检查项', row 6 'respect', 一票否决: 'X' is yes to some and no to others; write yes or no (是 or 否)",
    ):
        assert said in message, message
    assert "belongs to no category" not in message


def test_usual_chinese_words_and_percentages_are_read(tmp_path):
    def change(book):
        indicators, items, head = book["指标"], book["检查项"], book["检查表"]
        said = {"yes_no": "是否题", "graded": "评分", "timed": "计时题", "counted": "计数题"}
        for row in range(2, items.max_row + 1):
            kind, veto = items.cell(row, column(items, "题型")), items.cell(row, column(items, "一票否决"))
            kind.value, veto.value = said[kind.value], "✓" if veto.value == "yes" else "×"
            levels = items.cell(row, column(items, "等级得分"))
            levels.value = levels.value and levels.value.replace("\n", "；")
        for row in range(2, indicators.max_row + 1):
            for name in ("类别权重", "类别内权重"):
                cell = indicators.cell(row, column(indicators, name))
                cell.value = f"{100 * cell.value:g}%"
        for row in range(2, head.max_row + 1):
            if head.cell(row, 1).value == "否决规则":
                head.cell(row, 2).value = "总分"

    checklist = load_checklist(chinese(tmp_path, change))
    assert checklist.veto_rule == "visit"
    assert replace(checklist, veto_rule="indicator").digest == load_checklist("telecom-store").digest


def test_a_chinese_workbook_without_its_items_says_which_sheet_is_missing(tmp_path):
    def change(book):
        del book["检查项"]

    with pytest.raises(DataError, match=r"sheet '检查项' cannot be read: there is none\. It has: 检查表, 指标"):
        load_checklist(chinese(tmp_path, change))


def test_points_that_no_item_has_are_one(tmp_path):
    def change(book):
        book["检查项"].delete_cols(column(book["检查项"], "分值"))

    assert set(load_checklist(chinese(tmp_path, change)).points) == {1.0}


@pytest.mark.parametrize(
    ("typed", "cap", "said"),
    [
        ("50%", 50, ""), ("29％", 29, ""), (50, 50, ""), (0, 0, ""),
        (0.5, None, "0.5 of 100 is next to nothing: caps are on the scale of the score; write 50 for 50%"),
        ("0.6", None, "write 60 for 60%"), (1, None, "1 of 100 is next to nothing"),
    ],
)  # fmt: skip
def test_a_cap_is_on_the_scale_of_the_score(tmp_path, typed, cap, said):
    """A cell that Excel shows as 50% holds 0.5; taken as half a point of 100 it took nearly the whole score."""

    def change(book):
        items = book["检查项"]
        items.cell(2, column(items, "指标封顶")).value = typed

    if said:
        with pytest.raises(SpecError, match=re.escape(said)):
            load_checklist(chinese(tmp_path, change))
    else:
        assert load_checklist(chinese(tmp_path, change)).items[0].cap == {"indicator": cap}


def test_a_level_without_words_beside_one_that_has_them_is_a_fault():
    levels = (Level(0, 0, words("no")), Level(1, 0.5), Level(2, 1, words("yes")))
    with pytest.raises(SpecError, match=r"levels 1 label.en: the words in 'en' are missing"):
        tiny(ChecklistItem("a", words("A"), "k", "graded", levels=levels))


def test_weights_in_percent_are_told_how_to_be_written():
    parts = (Category("a", words("A"), 40), Category("b", words("B"), 60))
    indicators = (Indicator("k", words("K"), "a", 1.0), Indicator("l", words("L"), "b", 1.0))
    items = (ChecklistItem("i", words("I"), "k"), ChecklistItem("j", words("J"), "l"))
    with pytest.raises(SpecError, match=r"weight of categories: they sum to 100, not to 1; write 0.4 for 40%"):
        Checklist("tiny", "1", words("Tiny"), parts, indicators, items)
