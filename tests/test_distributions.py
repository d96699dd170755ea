"""Shares of answers: against pandas' weighted counts, R's survey, and what holds for any data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from servqual.distributions import Distribution, answer_distribution, sides
from servqual.instruments import load_instrument
from servqual.plots import new_axes
from servqual.responses import Responses, Variable, read_responses
from survey_design.errors import DataError, SpecError
from survey_design.results import say
from survey_design.sampling import SampleDesign

INSTRUMENT = load_instrument("retail-13")
ITEMS = [item.id for item in INSTRUMENT.items]
COLUMNS = INSTRUMENT.columns("perception")


def answers(n=120, seed=1, missing=0.08) -> pd.DataFrame:
    """Respondents in ten stores of two tiers; some say 99, some nothing, some 0."""
    rng = np.random.default_rng(seed)
    data = {
        "store": np.arange(n) % 10,
        "tier": np.where(np.arange(n) % 10 < 5, "core", "kiosk"),
        "w": rng.uniform(0.5, 3, n),
    }
    for k, column in enumerate(COLUMNS.values()):
        values = np.clip(np.rint(rng.normal(5.5 - 0.2 * k, 1.5, n)), 1, 7)
        fate = rng.random(n)
        data[column] = np.select([fate < missing / 2, fate < missing, fate < missing + 0.01], [99, np.nan, 0], values)
    return pd.DataFrame(data)


def responses(frame: pd.DataFrame, design: SampleDesign | None = None, **options) -> Responses:
    return Responses(frame, INSTRUMENT, design, dont_know=[99], faults="set aside", **options)


WEIGHTED = SampleDesign(strata="tier", clusters="store", weight="w")


# --- the numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", [None, WEIGHTED])
@pytest.mark.parametrize("by", [None, "tier"])
def test_shares_are_those_that_pandas_counts(design, by):
    frame = answers()
    table = answer_distribution(responses(frame, design), by=by).to_frame()
    weight = frame["w"] if design else pd.Series(1.0, index=frame.index)
    for keys, rows in table.groupby([*([by] if by else []), "item"]):
        part = frame if by is None else frame[frame[by] == keys[0]]
        given = part[COLUMNS[keys[-1]]].where(lambda values: values.between(1, 7)).dropna()
        counted = weight[given.index].groupby(given).sum() / weight[given.index].sum()
        expected = counted.reindex(range(1, 8), fill_value=0.0)
        np.testing.assert_allclose(rows["share"], expected, rtol=0, atol=1e-12)
        assert rows["value"].tolist() == list(range(1, 8))
        assert rows["count"].tolist() == given.value_counts().reindex(range(1, 8), fill_value=0).tolist()
        assert set(rows["n"]) == {len(given)}
        assert set(rows["n_missing"]) == {len(part) - len(given)}


# R 4.2.2, survey 4.1: svydesign(ids = ~store, strata = ~tier, weights = ~w, nest = TRUE), subset(!is.na(x)),
# svyciprop(~I(x == v), method = "logit", df = degf(design)); tier "a" alone in the last line.
R_SHARES = [
    (None, 5, 0.191836734694, 0.102099815846, 0.331339955768),
    (None, 6, 0.270748299323, 0.138850198262, 0.460883636597),
    (None, 7, 0.209523809525, 0.081451949925, 0.442057642933),
    ("a", 6, 0.336088154270, 0.090232408526, 0.720964067783),
]
R_ANSWERS = [4, 5, 6, 7, 3, None, 5, 5, 6, 7, 7, 2, 1, 4, 6, 6, 5, 7, 6, 6, 6, None, 5, 4,
             3, 2, 5, 6, 7, 7, 4, 4, 5, 1, 6, 7, 7, 7, 6, 5, 5, None, 2, 6, 6, 5, 4, 3]  # fmt: skip


@pytest.mark.parametrize(("tier", "value", "share", "low", "high"), R_SHARES)
def test_intervals_are_those_of_r_survey(tier, value, share, low, high):
    frame = pd.DataFrame({"store": np.repeat(np.arange(8), 6), "tier": np.repeat(["a", "b"], 24)})
    frame["w"] = [1, 1.5, 2, 1, 3, 1.2, 0.7, 2.5] * 6
    for column in COLUMNS.values():
        frame[column] = R_ANSWERS
    frame[COLUMNS[ITEMS[-1]]] = 4  # nobody is without any answer
    table = answer_distribution(Responses(frame, INSTRUMENT, WEIGHTED), by="tier" if tier else None).to_frame()
    hit = (table["item"] == ITEMS[0]) & (table["value"] == value) & ((table["tier"] == tier) if tier else True)
    row = table[hit].iloc[0]
    np.testing.assert_allclose(row[["share", "low", "high"]].to_numpy(float), [share, low, high], rtol=2e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by", [None, "tier", ["tier", "store"]])
def test_shares_add_up_and_intervals_hold_them(seed, by):
    table = answer_distribution(responses(answers(90, seed, 0.3), WEIGHTED), by=by).to_frame()
    groups = table.groupby([*([by] if isinstance(by, str) else by or []), "item"])
    sums = groups["share"].sum(min_count=1).dropna()
    np.testing.assert_allclose(sums, 1, atol=1e-12)
    assert (groups["count"].sum() == groups["n"].first()).all()
    bounded = table.dropna(subset=["low", "high"])
    assert len(bounded) > 50
    assert ((bounded["low"] <= bounded["share"]) & (bounded["share"] <= bounded["high"])).all()
    assert bounded[["low", "high"]].to_numpy().min() >= 0
    assert bounded[["low", "high"]].to_numpy().max() <= 1
    bare = table[table["low"].isna()]
    assert (bare["reason"] != "").all(), "an interval that is missing says why"


def test_groups_add_up_to_everybody():
    made = responses(answers())
    whole, parts = answer_distribution(made).to_frame(), answer_distribution(made, by="tier").to_frame()
    for name in ("count", "n", "n_missing"):
        summed = parts.groupby(["item", "value"], sort=False)[name].sum()
        assert summed.loc[list(zip(whole["item"], whole["value"], strict=True))].tolist() == whole[name].tolist()


def test_rows_follow_the_instrument_within_each_group():
    table = answer_distribution(responses(answers()), by="store").to_frame()
    assert list(table.columns[:3]) == ["store", "item", "value"]
    for _, rows in table.groupby("store", sort=False):
        assert list(dict.fromkeys(rows["item"])) == ITEMS
    assert table["store"].is_monotonic_increasing
    assert len(table) == 10 * 13 * 7


# --- outside the base --------------------------------------------------------------------------------------


def test_dont_know_blank_and_set_aside_are_counted_apart():
    frame = answers()
    table = answer_distribution(responses(frame)).to_frame().drop_duplicates("item").set_index("item")
    for item, column in COLUMNS.items():
        cells = frame[column]
        assert table.loc[item, ["n_dont_know", "n_blank", "n_set_aside"]].tolist() == [
            (cells == 99).sum(), cells.isna().sum(), (cells == 0).sum(),
        ]  # fmt: skip
    kinds = table[["n_dont_know", "n_blank", "n_set_aside"]].sum(axis=1)
    assert (kinds == table["n_missing"]).all()
    assert (table["n"] + table["n_missing"] == len(frame)).all()


def test_what_is_not_known_is_not_guessed():
    by_tier = answer_distribution(responses(answers()), by="tier")
    assert by_tier.to_frame()[["n_dont_know", "n_blank", "n_set_aside"]].isna().all().all()
    assert not by_tier.kinds_known
    assert "not known" in by_tier.note()
    assert "未能区分" in by_tier.in_language("zh").note()
    made = responses(answers())
    fewer = made._with(frame=made.frame.iloc[:50])  # the counts on reading speak about other rows
    assert not answer_distribution(fewer).kinds_known


def test_nobody_in_a_group_stays_a_row_with_its_reason():
    frame = answers()
    frame.loc[frame["tier"] == "kiosk", COLUMNS[ITEMS[2]]] = 99
    table = answer_distribution(responses(frame), by="tier")
    rows = table.to_frame().query("tier == 'kiosk' and item == @ITEMS[2]")
    assert set(rows["reason"]) == {"nobody"}
    assert rows["share"].isna().all()
    assert set(rows["n"]) == {0}
    assert set(rows["n_missing"]) == {60}
    assert table.sentence(ITEMS[2], tier="kiosk").endswith("(kiosk): nobody answered.")
    assert table.in_language("zh").sentence(ITEMS[2], tier="kiosk").endswith("（kiosk）：无人作答。")


# --- words -------------------------------------------------------------------------------------------------


def known() -> Distribution:
    """13 items, each 1, 4, 4, 6, 7, don't know."""
    frame = pd.DataFrame({column: [1, 4, 4, 6, 7, 99] for column in COLUMNS.values()})
    frame.loc[5, COLUMNS[ITEMS[-1]]] = 5
    return answer_distribution(responses(frame))


def test_sentence_says_both_sides_and_who_is_outside():
    table = known()
    assert table.sentence("environment") == (
        f"{say(INSTRUMENT.words()['environment'], 'en')}: 40% of the answers lie above the middle of the scale, 40% at the middle (4), 20% below it (n = 5; "
        "1 more don't know)."
    )
    said = table.in_language("zh").sentence("environment")
    assert said.endswith("40% 的回答高于量表中点，40% 选中间值 4，20% 低于中点（n = 5；另有 1 人答“不知道”）。")


def test_even_scale_has_no_middle():
    assert sides(np.arange(1, 5), np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx((0.3, 0.0, 0.7))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_table_shows_itself_in_both_languages(language):
    table = known().in_language(language)
    shown = table.to_string()
    assert "20%" in shown
    assert table.title() in shown
    assert ("don't know" in shown) == (language == "en")
    assert ("不知道" in shown) == (language == "zh")
    assert ("。" in table.note()) == (language == "zh")
    weighted = answer_distribution(responses(answers(), WEIGHTED)).in_language(language)
    assert ("已加权" if language == "zh" else "Weighted") in weighted.note()


def test_groups_are_named_by_their_labels():
    variables = {"tier": Variable({"en": "Tier", "zh": "层级"}, {"core": {"en": "Core", "zh": "核心店"}})}
    table = answer_distribution(responses(answers(), variables=variables), by="tier")
    assert table.title() == "Distribution of answers by item (perceptions), by Tier"
    assert table.in_language("zh").title() == "各题项的回答分布（感知）（按层级）"
    assert "核心店" in table.in_language("zh").to_string()
    assert "(Core)" in table.sentence(ITEMS[0], tier="core")


def test_plot_draws_the_table():
    assert known().plot(new_axes()).get_title(loc="left") == known().title()


# --- forms, files and faults -------------------------------------------------------------------------------


def test_each_form_is_counted_in_its_own_file():
    instrument = load_instrument("servqual-22")
    perception = pd.DataFrame({column: [5, 6, 7] for column in instrument.columns("perception").values()})
    expectation = pd.DataFrame({column: [7, 7] for column in instrument.columns("expectation").values()})
    both = read_responses(expectation=Responses(expectation, instrument), perception=Responses(perception, instrument))
    assert set(answer_distribution(both).to_frame()["n"]) == {3}
    theirs = answer_distribution(both, "expectation").to_frame()
    assert set(theirs["n"]) == {2}
    assert theirs["share"].tolist() == [0, 0, 0, 0, 0, 0, 1] * 22


def test_reverse_items_are_turned_round():
    instrument = load_instrument("servqual-22")
    first, *rest = instrument.items
    turned = replace(instrument, items=(replace(first, reverse=True), *rest))
    data = pd.DataFrame({column: [2, 2, 3] for column in instrument.columns("perception").values()})
    counts = answer_distribution(Responses(data, turned)).to_frame().set_index(["item", "value"])["count"]
    assert counts[first.id].tolist() == [0, 0, 0, 0, 1, 2, 0]
    assert counts[rest[0].id].tolist() == [0, 2, 1, 0, 0, 0, 0]


def test_scale_with_too_many_values_is_refused():
    instrument = load_instrument("servqual-22")
    wide = replace(instrument, scale=replace(instrument.scale, low=0, high=100))
    data = pd.DataFrame({column: [20, 90] for column in instrument.columns("perception").values()})
    with pytest.raises(SpecError, match="0-100 has 101 values"):
        answer_distribution(Responses(data, wide))


def test_bad_requests_are_refused_with_words():
    made = responses(answers())
    with pytest.raises(SpecError, match="holds no 'desired' answers; it holds: perception"):
        answer_distribution(made, "desired")
    with pytest.raises((DataError, SpecError), match="region"):
        answer_distribution(made, by="region")
    with pytest.raises(SpecError, match="level"):
        answer_distribution(made, level=95)
    with pytest.raises(SpecError, match="Rename it"):
        answer_distribution(responses(answers().rename(columns={"tier": "value"})), by="value")
    with pytest.raises(SpecError, match="there is no row 'price'"):
        known().sentence("price")
    with pytest.raises(SpecError, match="name one value for each of no column; got tier"):
        known().sentence(ITEMS[0], tier="core")


def test_responses_are_left_as_they_were():
    made = responses(answers(), WEIGHTED)
    before = made.frame.copy()
    answer_distribution(made, by="tier")
    pd.testing.assert_frame_equal(made.frame, before)


@pytest.mark.parametrize("by", ["g", "k", ["g", "k"]])
def test_where_the_split_column_is_missing_people_are_a_group_of_their_own(by):
    rng, frame = np.random.default_rng(1), answers()
    frame["g"], frame["k"] = (
        rng.choice(np.array(["a", "b", None], dtype=object), len(frame)),
        rng.choice([1.0, 2.0, np.nan], len(frame)),
    )
    names = [by] if isinstance(by, str) else by
    table = answer_distribution(responses(frame, WEIGHTED), by=by).to_frame()
    stated = frame.assign(
        **{name: frame[name].astype(object).where(frame[name].notna(), "(not stated)") for name in names}
    )
    item, column = next(iter(COLUMNS.items()))
    for keys, part in stated.groupby(names):
        same = [group == keys for group in zip(*(table[name] for name in names), strict=True)]
        rows = table[np.array(same) & (table["item"] == item)]
        given = part[column][part[column].between(1, 7)]
        assert rows["count"].tolist() == given.value_counts().reindex(range(1, 8), fill_value=0).tolist()
        assert set(rows["n_missing"]) == {len(part) - len(given)}
    assert "(not stated)" in table[names[0]].tolist()
    assert "(not stated)" in answer_distribution(responses(frame), by=by).to_string()


def test_few_clusters_that_carry_the_weight_are_told():
    frame = answers(300).assign(store=lambda data: np.where(data.index < 200, 0, data.index % 10))
    frame["tier"] = np.where(np.arange(300) % 3 == 0, "core", "kiosk")
    whole, split = (
        answer_distribution(responses(frame, SampleDesign(clusters="store")), by=by) for by in (None, "tier")
    )
    assert "few clusters carry most of the weight:" in whole.note()
    assert "少数几个群占了大部分权重：" in whole.in_language("zh").note()
    assert "few clusters carry most of the weight (kiosk, core)" in split.note() or "(core, kiosk)" in split.note()
    assert "few clusters" not in answer_distribution(responses(answers(300), SampleDesign(clusters="store"))).note()
