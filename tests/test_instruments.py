"""What we ask: the shipped instruments are whole, and an own TOML file either works or says what is wrong with it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import FrozenInstanceError
from importlib import resources

import pandas as pd
import pytest

from servqual import Responses, available_instruments, load_instrument, score_performance
from servqual.instruments import FORMS, Scale
from survey_design import SpecError
from survey_design.results import say

# what each shipped file promises: items per dimension, forms with their column pattern
FIVE = ["tangibles", "reliability", "responsiveness", "assurance", "empathy"]
TWENTY_TWO = dict(zip(FIVE, [4, 5, 4, 4, 5], strict=True))
SHIPPED = {
    "servqual-22": (TWENTY_TWO, {"expectation": "E_{id}", "perception": "P_{id}"}),
    "servperf-22": (TWENTY_TWO, {"perception": "P_{id}"}),
    "tolerance-22": (TWENTY_TWO, {"minimum": "M_{id}", "desired": "D_{id}", "perception": "P_{id}"}),
    "retail-13": (dict(zip(FIVE, [4, 2, 2, 3, 2], strict=True)), {"expectation": "E_{id}", "perception": "P_{id}"}),
}
IDS_22 = [f"{start}{k}" for start, n in zip(["TAN", "REL", "RES", "ASS", "EMP"], TWENTY_TWO.values(), strict=True)
          for k in range(1, n + 1)]  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")
shipped = pytest.mark.parametrize("name", SHIPPED)


# --- the shipped ones --------------------------------------------------------------------------------------


def test_what_is_shipped():
    assert available_instruments() == sorted(SHIPPED)


@shipped
def test_counts_and_ids(name):
    per_dimension, forms = SHIPPED[name]
    instrument = load_instrument(name)
    assert instrument.name == name
    assert {d.id: len(instrument.items_of(d.id)) for d in instrument.dimensions} == per_dimension
    assert len(instrument.items) == sum(per_dimension.values())
    assert {form.name: form.column for form in instrument.forms} == forms
    assert [(o.id, o.scale.low, o.scale.high) for o in instrument.outcomes] == [
        ("overall_quality", 1, 7),
        ("satisfaction", 1, 7),
        ("recommend", 0, 10),
    ]
    assert (instrument.scale.low, instrument.scale.high) == (1, 7)
    if name.endswith("22"):
        assert [item.id for item in instrument.items] == IDS_22
    else:
        assert all(re.fullmatch(r"[a-z_]+", item.id) for item in instrument.items)


@shipped
def test_every_text_is_there_in_both_languages(name):
    instrument = load_instrument(name)
    texts = {
        "title": instrument.title,
        **{f"scale {k}": text for k, text in enumerate([instrument.scale.low_label, instrument.scale.high_label])},
        **{f"lead {form.name}": form.lead for form in instrument.forms},
        **{f"dimension {d.id}": d.label for d in instrument.dimensions},
        **{f"label {item.id}": item.label for item in (*instrument.items, *instrument.outcomes)},
        **{f"text {item.id}": item.text for item in (*instrument.items, *instrument.outcomes)},
        **{f"low {o.id}": o.scale.low_label for o in instrument.outcomes},
        **{f"high {o.id}": o.scale.high_label for o in instrument.outcomes},
    }
    for place, text in texts.items():
        assert set(text) == {"en", "zh"}, place
        assert text["en"].strip() == text["en"] != "", place
        assert not CHINESE.search(text["en"]), place
        assert CHINESE.search(text["zh"]), place


@shipped
def test_texts_do_not_repeat(name):
    instrument = load_instrument(name)
    for language in ("en", "zh"):
        for part in ("label", "text"):
            said = [getattr(item, part)[language] for item in (*instrument.items, *instrument.outcomes)]
            assert len(set(said)) == len(said), f"{part} {language}"


@shipped
def test_the_source_is_a_named_publication_or_plan(name):
    source = load_instrument(name).source
    assert re.search(r"wording by this project", source)
    assert re.search(r"\(\d{4}\).*Journal|方案", source)


def test_the_22_items_are_the_same_in_all_three_files():
    first, *others = (load_instrument(name).items for name in SHIPPED if name.endswith("22"))
    for items in others:
        assert [(i.id, i.dimension, i.label, i.text, i.maps_to) for i in items] == [
            (i.id, i.dimension, i.label, i.text, i.maps_to) for i in first
        ]


@shipped
def test_maps_to_names_items_that_exist_and_name_it_back(name):
    instrument = load_instrument(name)
    assert any(item.maps_to for item in instrument.items)
    for item in instrument.items:
        for other, partner in item.maps_to.items():
            assert other in SHIPPED
            back = load_instrument(other).item(partner)
            assert back.maps_to[name] == item.id
            assert back.dimension == item.dimension, "an item is compared within its dimension"


@shipped
def test_maps_to_never_names_one_item_twice(name):
    for other in set(SHIPPED) - {name}:
        partners = [item.maps_to[other] for item in load_instrument(name).items if other in item.maps_to]
        assert len(set(partners)) == len(partners)


@shipped
def test_column_names_are_unique(name):
    instrument = load_instrument(name)
    columns = [column for form in instrument.forms for column in instrument.columns(form.name).values()]
    columns += [outcome.column for outcome in instrument.outcomes]
    assert len(set(columns)) == len(columns) == len(instrument.items) * len(instrument.forms) + 3
    things = (*instrument.dimensions, *instrument.items, *instrument.outcomes)
    assert len(instrument.words()) == len(things), "no id means two things"


@shipped
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sentence_counts_right(name, language):
    instrument = load_instrument(name, language=language)
    assert instrument.language == language
    for number in (len(instrument.items), len(instrument.dimensions), 1, 7):
        assert str(number) in instrument.sentence()
    assert say(instrument.title, language) in instrument.sentence()


@shipped
def test_the_shipped_file_as_an_own_copy_is_the_same_instrument(name, tmp_path):
    text = (resources.files("servqual") / "item_banks" / f"{name}.toml").read_text(encoding="utf-8")
    copy = tmp_path / "own.toml"
    copy.write_text(text, encoding="utf-8")
    assert load_instrument(copy) == load_instrument(str(copy)) == load_instrument(name)
    assert set(tomllib.loads(text)["forms"]) <= set(FORMS)


# --- an instrument of one's own ----------------------------------------------------------------------------

OWN = """\
name = "own"
title = "Own"

[scale]
points = 7

[forms.perception]
column = "P_{id}"

[[dimensions]]
id = "people"

[[items]]
id = "kind"
dimension = "people"
text = "are kind"

[[outcomes]]
id = "overall"
points = 5
"""


def own_file(folder, text=OWN, *changes, encoding="utf-8"):
    """A TOML file with replacements made in it, each of which must hit something."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "own.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def own(folder, *changes):
    return load_instrument(own_file(folder, OWN, *changes))


@pytest.mark.parametrize(
    ("written", "low", "high", "midpoint"),
    [
        ("points = 5", 1, 5, 3),
        ("points = 7", 1, 7, 4),
        ("points = 10", 1, 10, 5.5),
        ("points = 2", 1, 2, 1.5),
        ("from = 0\nto = 10", 0, 10, 5),
        ("from = -3\nto = 3", -3, 3, 0),
    ],
)
def test_scales(tmp_path, written, low, high, midpoint):
    scale = own(tmp_path, ("points = 7", written)).scale
    assert (scale.low, scale.high, scale.midpoint) == (low, high, midpoint)
    assert [value for value in range(-20, 21) if scale.allows(value)] == list(range(low, high + 1))
    assert not scale.allows(low + 0.5)
    assert not scale.allows(float("nan"))
    assert not scale.allows(float("inf"))


@pytest.mark.parametrize("points", [5, 7, 10])
def test_scores_on_any_scale_stay_on_it(tmp_path, points):
    instrument = own(tmp_path, ("points = 7", f"points = {points}"))
    frame = pd.DataFrame({"P_kind": [1, points, points]})
    scored = score_performance(Responses(frame, instrument)).to_frame()
    assert scored["perception"].tolist() == pytest.approx([(1 + 2 * points) / 3] * len(scored))


def test_an_instrument_without_dimensions(tmp_path):
    changes = (('[[dimensions]]\nid = "people"\n', ""), ('dimension = "people"\n', ""))
    instrument = own(tmp_path, *changes)
    assert instrument.dimensions == ()
    scores = score_performance(Responses(pd.DataFrame({"P_kind": [2, 4, 6]}), instrument))
    assert scores.items.to_frame()["perception"].tolist() == [4]
    assert scores.total.to_frame().set_index("total")["perception"].to_dict() == {"mean": 4, "sum": 4}
    assert str(scores)


def test_reverse_items_and_items_without_dimension(tmp_path):
    more = '[[items]]\nid = "slow"\ntext = "are slow"\nreverse = true\n\n[[outcomes]]'
    instrument = own(tmp_path, ("[[outcomes]]", more))
    assert [(item.id, item.dimension, item.reverse) for item in instrument.items] == [
        ("kind", "people", False),
        ("slow", "", True),
    ]
    assert instrument.items_of("people") == instrument.items[:1]


def test_texts_of_one_language_serve_both(tmp_path):
    instrument = own(tmp_path, ('text = "are kind"', 'text.zh = "待人热情"\nlabel.zh = "热情"'))
    assert say(instrument.item("kind").label, "en") == say(instrument.item("kind").label, "zh") == "热情"
    assert instrument.dimensions[0].label == {"en": "people"}, "the id stands in for a label"


def test_chinese_ids_and_column_patterns(tmp_path):
    changes = (
        ('id = "kind"', 'id = "热情"'),
        ("P_{id}", "感知_{id}_分"),
        ('id = "overall"', 'id = "总体"\ncolumn = "总评"'),
    )
    instrument = own(tmp_path, *changes)
    assert instrument.column("perception", "热情") == "感知_热情_分"
    assert instrument.outcomes[0].column == "总评"


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_line_ends_of_other_systems(tmp_path, ending):
    assert load_instrument(own_file(tmp_path, OWN.replace("\n", ending))).name == "own"


def test_a_file_saved_with_a_mark_is_read(tmp_path):
    # Windows' editor writes one, unasked
    assert load_instrument(own_file(tmp_path, OWN, encoding="utf-8-sig")).name == "own"


def test_a_suffix_in_capitals(tmp_path):
    assert load_instrument(own_file(tmp_path).rename(tmp_path / "OWN.TOML")).name == "own"


def test_an_id_that_means_two_things_does_not_lend_one_the_label_of_the_other(tmp_path):
    changes = (
        ('id = "people"', 'id = "kind"\nlabel = "People as a whole"'),
        ('dimension = "people"', 'dimension = "kind"\nlabel = "Kindness"'),
    )
    try:
        instrument = own(tmp_path, *changes)
    except SpecError:
        return  # refusing it is as good
    shown = score_performance(Responses(pd.DataFrame({"P_kind": [5, 6]}), instrument)).shown()
    assert "People as a whole" in shown.iloc[:, 0].tolist()


# --- wrong TOML: what is wrong, where ----------------------------------------------------------------------

WHOLE = "is not a whole number"
FAULTS = {
    "no name": ([('name = "own"\n', "")], "top level name", "the key is missing"),
    "name is a number": ([('"own"', "5")], "top level name", "5 is not a text"),
    "no title": ([('title = "Own"\n', "")], "top level title", "is not a text"),
    "title is a number": ([('"Own"', "5")], "top level title", "5 is not a text"),
    "title's language is a number": ([('title = "Own"', "title.en = 5")], "top level title", "is not a text"),
    "unknown key": ([('title = "Own"', 'title = "Own"\nnmae = "x"')], "top level nmae", "the key is not known; use"),
    "no scale": ([("[scale]\npoints = 7\n", "")], "top level scale", "the key is missing"),
    "scale is a list": ([("[scale]", "[[scale]]")], "top level scale", "is not a table"),
    "empty scale": ([("points = 7\n", "")], "[scale] from", WHOLE),
    "points as text": ([("points = 7", 'points = "7"')], "[scale] points", WHOLE),
    "points as decimal": ([("points = 7", "points = 7.0")], "[scale] points", WHOLE),
    "points as truth": ([("points = 7", "points = true")], "[scale] points", WHOLE),
    "one point": ([("points = 7", "points = 1")], "[scale] points", "leaves no room"),
    "no point": ([("points = 7", "points = 0")], "[scale] points", "leaves no room"),
    "from without to": ([("points = 7", "from = 0")], "[scale] to", WHOLE),
    "to without from": ([("points = 7", "to = 7")], "[scale] from", WHOLE),
    "from above to": ([("points = 7", "from = 7\nto = 1")], "[scale] to", "leaves no room"),
    "points beside from": ([("points = 7", "points = 7\nfrom = 0")], "[scale]", "points"),
    "points beside to": ([("points = 7", "points = 7\nto = 10")], "[scale]", "points"),
    "unknown scale key": ([("points = 7", "points = 7\nsteps = 2")], "[scale] steps", "the key is not known"),
    "end label is a number": ([("points = 7", "points = 7\nlow = 1")], "[scale] low", "1 is not a text"),
    "no forms": ([('[forms.perception]\ncolumn = "P_{id}"\n', "")], "top level forms", "the key is missing"),
    "empty forms": ([("[forms.perception]\ncolumn", "[forms]\n#")], "[forms]", "there is no form"),
    "unknown form": ([("forms.perception", "forms.perceptions")], "[forms.perceptions]", "this form is not known"),
    "form is a text": ([("[forms.perception]\ncolumn", "[forms]\nperception")], "[forms.perception]", "table"),
    "form is a number": (
        [('[forms.perception]\ncolumn = "P_{id}"', "[forms]\nperception = 1")],
        "[forms.perception]",
        "table",
    ),
    "no column": ([('column = "P_{id}"\n', "")], "[forms.perception] column", "the key is missing"),
    "column without id": ([("P_{id}", "P_")], "[forms.perception] column", "lacks {id}"),
    "column is a number": ([('"P_{id}"', "5")], "[forms.perception] column", "5 is not a text"),
    "unknown form key": ([('"P_{id}"', '"P_{id}"\nledd = "x"')], "[forms.perception] ledd", "the key is not known"),
    "lead is a number": ([('"P_{id}"', '"P_{id}"\nlead = 5')], "[forms.perception] lead", "5 is not a text"),
    "columns shared by forms": (
        [("[forms.perception]", '[forms.expectation]\ncolumn = "P_{id}"\n[forms.perception]')],
        "[forms]",
        "two questions share the data column 'P_kind'",
    ),
    "dimensions as table": ([("[[dimensions]]", "[dimensions]")], "dimensions", "write [[dimensions]]"),
    "dimension without id": ([('id = "people"\n', "")], "[[dimensions]] 1 id", "the key is missing"),
    "dimension twice": (
        [("[[items]]", '[[dimensions]]\nid = "people"\n\n[[items]]')],
        "[[dimensions]] 2",
        "id 'people' occurs twice",
    ),
    "dimension without items": (
        [("[[items]]", '[[dimensions]]\nid = "price"\n\n[[items]]')],
        "[[dimensions]] 'price'",
        "it has no item",
    ),
    "unknown dimension key": ([('id = "people"', 'id = "people"\nlable = "x"')], "[[dimensions]] 1 lable", "not known"),
    "label is a number": ([('id = "people"', 'id = "people"\nlabel = 4')], "[[dimensions]] 1 label", "4 is not a text"),
    "no items": (
        [('[[items]]\nid = "kind"\ndimension = "people"\ntext = "are kind"\n', "")],
        "[[items]]",
        "there is no item",
    ),
    "items as table": ([("[[items]]", "[items]")], "items", "write [[items]]"),
    "item without id": ([('id = "kind"\n', "")], "[[items]] 1 id", "the key is missing"),
    "item id is a number": ([('id = "kind"', "id = 1")], "[[items]] 1 id", "1 is not a text"),
    "item id is empty": ([('id = "kind"', 'id = ""')], "[[items]] 1", "id"),
    "item without text": ([('text = "are kind"\n', "")], "[[items]] 1 ('kind') text", "is not a text"),
    "item of unknown dimension": (
        [('dimension = "people"', 'dimension = "poeple"')],
        "[[items]] 1 ('kind') dimension",
        "'poeple' is not declared; use one of people",
    ),
    "item twice": (
        [("[[outcomes]]", '[[items]]\nid = "kind"\ntext = "x"\n\n[[outcomes]]')],
        "[[items]] 2",
        "occurs twice",
    ),
    "unknown item key": ([('"are kind"', '"are kind"\nrevers = true')], "[[items]] 1 revers", "the key is not known"),
    "reverse as text": (
        [('"are kind"', '"are kind"\nreverse = "yes"')],
        "[[items]] 1 ('kind') reverse",
        "not true or false",
    ),
    "reverse as number": (
        [('"are kind"', '"are kind"\nreverse = 1')],
        "[[items]] 1 ('kind') reverse",
        "not true or false",
    ),
    "maps_to as text": ([('"are kind"', '"are kind"\nmaps_to = "x"')], "[[items]] 1", "maps_to"),
    "maps_to a list": ([('"are kind"', '"are kind"\nmaps_to = { home = ["x"] }')], "[[items]] 1", "maps_to"),
    "maps_to a number": ([('"are kind"', '"are kind"\nmaps_to = { home = 1 }')], "[[items]] 1", "maps_to"),
    "outcome without scale": ([("points = 5", "")], "[[outcomes]] 1 ('overall') from", WHOLE),
    "outcome without id": ([('id = "overall"\n', "")], "[[outcomes]] 1 id", "the key is missing"),
    "outcome in an item's column": (
        [("points = 5", 'points = 5\ncolumn = "P_kind"')],
        "[forms]",
        "two questions share the data column 'P_kind'",
    ),
    "unknown outcome key": ([("points = 5", "points = 5\nscale = 5")], "[[outcomes]] 1 scale", "the key is not known"),
}


@pytest.mark.parametrize(("changes", "place", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_its_place(tmp_path, changes, place, words):
    with pytest.raises(SpecError) as caught:
        own(tmp_path, *changes)
    message = str(caught.value)
    assert message.startswith("own.toml, ")
    assert place in message
    assert words in message
    assert "; " in message, "the remedy follows"
    assert str(tmp_path) not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name = \n", "own.toml is not valid TOML: .*line 1"),
        ('name = "a"\nname = "b"\n', "own.toml is not valid TOML: .*line 2"),
        ("", "own.toml, top level"),
        ("不是 TOML", "own.toml is not valid TOML"),
        (OWN + "\x00", "own.toml is not valid TOML"),
        ('name = "门店"'.encode("gb18030"), "own.toml is not UTF-8 text .* Save it as UTF-8"),
        (OWN.encode("utf-16"), "own.toml is not UTF-8 text .* Save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path, content, message):
    with pytest.raises(SpecError, match=message):
        load_instrument(own_file(tmp_path, content))


def test_names_that_lead_nowhere(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    for name in (
        "servqual-23",
        "",
        "SERVQUAL-22",
        tmp_path,
        tmp_path / "folder.toml",
        tmp_path / "none.toml",
        "../x.toml",
    ):
        with pytest.raises(SpecError, match="Shipped: retail-13, servperf-22, servqual-22, tolerance-22"):
            load_instrument(name)


@pytest.mark.parametrize("name", [None, 22])
def test_what_is_no_name_at_all(name):
    with pytest.raises(SpecError):
        load_instrument(name)


def test_asking_for_what_is_not_there():
    instrument = load_instrument("servperf-22")
    with pytest.raises(SpecError, match=r"'servperf-22' has no item 'TAN9'\. It has: TAN1, TAN2"):
        instrument.item("TAN9")
    with pytest.raises(SpecError, match=r"'servperf-22' has no form 'expectation'\. It has: perception"):
        instrument.columns("expectation")
    assert instrument.items_of("price") == ()


@pytest.mark.parametrize("language", ["fr", "cn", "zh-CN", ""])
def test_a_language_that_is_not_spoken_is_refused_where_it_is_named(language):
    with pytest.raises(SpecError, match="language"):
        load_instrument("servqual-22", language=language)
    with pytest.raises(SpecError, match="language"):
        load_instrument("servqual-22").in_language(language)


def test_an_instrument_is_a_value():
    instrument = load_instrument("servqual-22")
    with pytest.raises(FrozenInstanceError):
        instrument.name = "other"
    chinese = instrument.in_language("zh")
    assert (instrument.language, chinese.language) == ("en", "zh")
    assert chinese.in_language("en") == instrument
    assert Scale() == Scale(1, 7)
