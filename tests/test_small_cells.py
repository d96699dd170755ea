"""Small groups in a report: left out of every table, sentence, picture and file, and not to be worked out."""

from __future__ import annotations

import base64
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from scipy.optimize import linprog

from servqual.comparison import compare
from servqual.gaps import score_gaps
from servqual.instruments import load_instrument
from servqual.report import gap_report
from servqual.report.small_cells import SmallCells, Split, gap_split, hidden_groups
from servqual.responses import Responses, read_responses
from servqual.stores import store_estimates
from survey_design.sampling import SampleDesign

BASES = ("n", "n_expectation")


def survey(sizes, seed=0, blank=0, **columns):
    """Answers of people in groups of these sizes, in groups of their own value of ``tier``."""
    instrument, dice = load_instrument("retail-13"), np.random.default_rng(seed)
    tier = np.repeat(list(sizes), list(sizes.values()))
    shift = pd.Series(tier).map({name: k / 3 for k, name in enumerate(sizes)}).to_numpy()
    data = {"tier": tier, **columns}
    for form, usual in (("expectation", 6), ("perception", 4)):
        for name in instrument.columns(form).values():
            data[name] = np.clip(np.round(usual + shift * (form == "perception") + dice.normal(0, 1, len(tier))), 1, 7)
    frame = pd.DataFrame(data)
    if blank:
        frame.loc[frame.index[:blank], "P_attitude"] = np.nan
    return frame, instrument


def reported(frame, instrument, by=("tier",), language="en", stores=None, minimum_base=5, **design):
    responses = Responses(frame, instrument, SampleDesign(**design))
    gaps = [score_gaps(responses), *(score_gaps(responses, by=name) for name in by)]
    compared = [compare(scores, name) for scores, name in zip(gaps[1:], by, strict=True)]
    found = None if stores is None else store_estimates(responses, **stores)
    return gap_report("T", responses, gaps, compared, language, stores=found, minimum_base=minimum_base)


def everything(report, folder):
    """All texts of a report: the page, alternative texts, what stands in the pictures, the CSVs, the workbook."""
    page = BeautifulSoup(report.to_html(), "html.parser")
    texts = [page.get_text("\n"), *(img["alt"] for img in page.find_all("img"))]
    pictures = [base64.b64decode(img["src"].split(",")[1]).decode("utf-8") for img in page.find_all("img")]
    texts += ["\n".join(re.findall(r"<!-- (.*?) -->", picture)) for picture in pictures]
    texts += [path.read_text(encoding="utf-8-sig") for path in report.save_tables(folder / "tables")]
    book = openpyxl.load_workbook(report.save(folder / "tables.xlsx"))
    texts += [
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None
    ]
    return texts


# --- which groups ------------------------------------------------------------------------------------------


def groups_of(frame, instrument, by, minimum=5, **more):
    responses = Responses(frame, instrument)
    overall = score_gaps(responses)
    splits = [gap_split(score_gaps(responses, by=name), overall) for name in by]
    return [{group[0] for group in groups} for groups in hidden_groups(splits, minimum)]


def test_a_small_group_goes_with_the_next_smallest():
    assert groups_of(*survey({"a": 20, "b": 9, "c": 12, "d": 3}), ["tier"]) == [{"d", "b"}]


def test_large_groups_all_stay_and_zero_switches_off():
    assert groups_of(*survey({"a": 20, "b": 5}), ["tier"]) == [set()]
    assert groups_of(*survey({"a": 20, "b": 2}), ["tier"], minimum=0) == [set()]


def test_a_group_small_in_one_measure_is_left_out_of_all():
    frame, instrument = survey({"a": 6, "b": 20, "c": 12}, blank=3)
    assert groups_of(frame, instrument, ["tier"]) == [{"a", "c"}], "three of a did not answer one item"


def test_the_same_people_under_another_name_give_nobody_away():
    """d is hidden with b; but b is also the whole of another split's group."""
    sizes = {"a": 20, "b": 9, "c": 12, "d": 3}
    frame, instrument = survey(sizes)
    frame["area"] = frame["tier"].map({"a": "x", "b": "y", "c": "x", "d": "x"})
    assert groups_of(frame, instrument, ["tier"]) == [{"d", "b"}]
    assert groups_of(frame, instrument, ["tier", "area"]) == [{"d", "b", "c"}, set()], "n of y is n of b"


def known_bounds(splits, hidden, cell):
    """Bounds of a base for a reader who knows who belongs together, from first principles: one unknown per crossing."""
    people = pd.DataFrame({k: split.people for k, split in enumerate(splits)})
    crossings = people.drop_duplicates().reset_index(drop=True)
    rows, right = [np.ones(len(crossings))], [len(people)]
    for k, split in enumerate(splits):
        for group, n in split.counts("total:mean", "n").items():
            if group not in hidden[k]:
                rows.append((crossings[k] == group).to_numpy(float))
                right.append(n)
    aim = (crossings[cell[0]] == cell[1]).to_numpy(float)
    ends = [linprog(sign * aim, A_eq=np.array(rows), b_eq=right, bounds=(0, None)).fun * sign for sign in (1, -1)]
    return ends


@pytest.mark.parametrize("seed", range(12))
def test_no_small_base_can_be_worked_out_from_two_splits_together(seed):
    dice = np.random.default_rng(seed)
    stores = dice.integers(1, 15, 9)
    sizes = {f"s{k}": int(n) for k, n in enumerate(stores)}
    frame, instrument = survey(sizes, seed)
    frame["chain"] = frame["tier"].map({name: f"c{k // 3}" for k, name in enumerate(sizes)})
    responses = Responses(frame, instrument)
    overall = score_gaps(responses)
    splits = [gap_split(score_gaps(responses, by=name), overall) for name in ("tier", "chain")]
    hidden = hidden_groups(splits, 5)
    for k, split in enumerate(splits):
        for group, n in split.counts("total:mean", "n").items():
            if n < 5:
                assert group in hidden[k]
                low, high = known_bounds(splits, hidden, (k, group))
                assert low < n < high
                assert high >= 5


def test_stores_are_hidden_in_pairs_within_their_tier():
    """Tier totals are published: a lone hidden store would be what the others leave."""
    sizes = {f"s{k}": n for k, n in enumerate([12, 9, 3, 14, 8, 10, 4, 11])}
    frame, instrument = survey(sizes)
    frame["store"] = frame["tier"]
    frame["tier"] = ["north" if name in ("s0", "s1", "s2", "s3") else "south" for name in frame["store"]]
    responses = Responses(frame, instrument)
    stores = store_estimates(responses, by="store", within="tier")
    gaps = [score_gaps(responses), score_gaps(responses, by="tier")]
    small = SmallCells.of(5, gaps, (), stores, responses)
    assert {group[0] for group in small.groups(("store",))} == {"s2", "s1", "s6", "s4"}
    assert small.groups(("tier",)) == frozenset()
    shown = small.stores(stores, gaps[0])
    blank = shown.frame.set_index("store").loc[["s1", "s2", "s4", "s6"]]
    assert blank.select_dtypes("number").isna().all(axis=None)
    assert (blank["reason"] == "suppressed").all()
    assert "n per row 10–14;" in shown.note()
    assert "n per row 3–14;" in stores.note()
    assert "not for publication" not in shown.note()


def test_a_higher_floor_for_stores_holds_for_stores():
    sizes = {f"s{k}": n for k, n in enumerate([12, 30, 8, 14])}
    frame, instrument = survey(sizes)
    frame = frame.rename(columns={"tier": "store"})
    responses = Responses(frame, instrument)
    gaps = [score_gaps(responses)]
    for minimum, hidden in ((5, set()), (10, {"s2", "s0"})):
        stores = store_estimates(responses, minimum=minimum)
        assert {group[0] for group in SmallCells.of(5, gaps, (), stores, responses).groups(("store",))} == hidden
    assert SmallCells.of(0, gaps, (), stores, responses).groups(("store",)) == frozenset()


def test_a_shared_expectation_survey_of_few_hides_the_groups_it_serves():
    frame, instrument = survey({"a": 20, "b": 30, "c": 12})
    frame["region"] = ["n" if name == "a" else "s" for name in frame["tier"]]
    expected, _ = survey({"n": 3, "s": 40}, 1)
    expected = expected.rename(columns={"tier": "region"})
    perceived = Responses(frame.filter(regex="^(?!E_)"), instrument)
    both = read_responses(expectation=Responses(expected.filter(regex="^(?!P_)"), instrument), perception=perceived)
    split = gap_split(score_gaps(both, by="tier", match="region"), score_gaps(both))
    assert (split.bases, split.shared) == (("n",), ("n_expectation",))
    assert hidden_groups([split], 5) == [frozenset({("a",)})]


def test_bases_of_both_files_count_where_both_have_the_column():
    perceived, instrument = survey({"a": 20, "b": 30, "c": 12})
    expected, _ = survey({"a": 20, "b": 3, "c": 12}, 1)
    sides = [
        Responses(perceived.filter(regex="^(?!E_)"), instrument),
        Responses(expected.filter(regex="^(?!P_)"), instrument),
    ]
    both = read_responses(expectation=sides[1], perception=sides[0])
    split = gap_split(score_gaps(both, by="tier"), score_gaps(both))
    assert split.bases == BASES
    assert hidden_groups([split], 5) == [frozenset({("b",), ("c",)})]


def test_groups_of_two_columns():
    frame, instrument = survey({"a": 20, "b": 30})
    frame["sex"] = ["f", "m"] * 25
    frame.loc[frame.index[:17], "sex"] = "f"
    responses = Responses(frame, instrument)
    split = gap_split(score_gaps(responses, by=["tier", "sex"]), score_gaps(responses))
    assert split.counts("total:mean", "n")[("a", "m")] < 5
    assert ("a", "m") in hidden_groups([split], 5)[0]


def test_a_split_without_links_needs_no_programme():
    cells = pd.DataFrame({"tier": ["a", "b", "c"], "measure": "mean", "n": [9, 6, 2]})
    assert hidden_groups([Split(("tier",), cells, ("n",))], 5) == [frozenset({("b",), ("c",)})]


# --- nothing of them is left -------------------------------------------------------------------------------

SIZES = {"alpha": 83, "beta": 37, "gamma": 59, "delta": 3}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_true_bases_and_means_of_small_groups_stand_nowhere(tmp_path, language):
    """gamma has 59, alpha 83; delta 3 and beta 37 are hidden: neither these numbers nor their means may be found."""
    frame, instrument = survey(SIZES, 4)
    text = "\n".join(everything(reported(frame, instrument, language=language), tmp_path))
    full = score_gaps(Responses(frame, instrument), by="tier")
    assert re.search(r"\b83\b", text), "bases that may be shown are there"
    hidden = full.to_frame()[lambda each: each["tier"].isin(["beta", "delta"])]
    values = hidden[["gap", "perception", "expectation", "se", "low", "high"]].to_numpy().ravel()
    telling = [value for value in values if np.isfinite(value) and len(repr(float(value))) > 12]
    assert len(telling) > 40
    assert not [value for value in telling if repr(float(value))[:10] in text]
    ours = [line for line in text.splitlines() if re.search("beta|delta", line)]
    for pattern in (r"\b37\b", r"\b40\b", r"\b96\b", r"\b120\b", r"\b86\b", r"\b62\b"):  # bases, and those of pairs
        assert not [line for line in ours if re.search(pattern, line)], pattern
    assert not re.search(r"n per row 3|每行样本量 3\b|3–83|n = 3\b", text)
    assert ("2 of 4 groups by tier are not shown" in text) if language == "en" else ("4 组中有 2 组不予显示" in text)


def test_the_pictures_speak_of_shown_groups_only():
    frame, instrument = survey(SIZES, 4)
    page = BeautifulSoup(reported(frame, instrument).to_html(), "html.parser")
    names = [base64.b64decode(img["src"].split(",")[1]).decode() for img in page.find_all("img")]
    written = ["".join(re.findall(r"<!-- (.*?) -->", picture)) for picture in names]
    assert any("alpha" in text for text in written)
    assert not any("delta" in text or "beta" in text for text in written)


def test_suppression_can_be_switched_off(tmp_path):
    frame, instrument = survey(SIZES, 4)
    text = "\n".join(everything(reported(frame, instrument, minimum_base=0), tmp_path))
    assert "not shown" not in text
    assert "suppressed" not in text
    assert re.search(r"delta.*\b3\b", text)


def test_an_item_that_few_answered_is_left_out_of_tables_of_everybody(tmp_path):
    frame, instrument = survey({"a": 30})
    frame.loc[frame.index[3:], "P_attitude"] = np.nan
    report = reported(frame, instrument, by=())
    tables = {
        table.name: table.result.frame
        for section in report.sections
        for table in section.blocks
        if hasattr(table, "result")
    }
    items = tables["items"].set_index("item")
    assert items.loc["attitude"].drop("reason").isna().all()
    assert items.loc["attitude", "reason"] == "suppressed"
    assert items.drop("attitude")["n"].eq(30).all()
    dimension = load_instrument("retail-13").item("attitude").dimension
    assert tables["dimensions"].set_index("dimension").loc[dimension, "reason"] == "suppressed"
    assert "attitude" not in set(tables["answers"]["item"])
    measures = tables["effects"].set_index(["kind", "measure"])
    assert measures.loc[("item", "attitude")].drop(["remark", "reason"], errors="ignore").isna().all()
    assert tables["total"]["gap"].isna().all(), "the total needs all items"
    text = "\n".join(everything(report, tmp_path))
    assert "Not shown: 1 of the items" in text
    assert not re.search(r"n per row 3\b|n per row 3–|\bn = 3\b", text)


def test_a_study_of_three_people_shows_no_mean(tmp_path):
    report = reported(*survey({"a": 3}), by=())
    said = report.to_html()
    assert "No gap is shown: fewer than 5 people answered." in said
    tables = [table.result.frame for section in report.sections for table in section.blocks if hasattr(table, "result")]
    for frame in tables:
        assert not [
            name for name in ("gap", "perception", "share", "r2") if name in frame and frame[name].notna().any()
        ]


def test_two_respondents_in_a_cell(tmp_path):
    """A store of two: neither its mean nor a comparison with it is in the report."""
    report = reported(*survey({"big": 30, "mid": 20, "pair": 2}), language="zh")
    tables = {
        table.name: table.result.frame
        for section in report.sections
        for table in section.blocks
        if hasattr(table, "result")
    }
    rows = tables["dimensions by tier"].set_index("tier")
    assert rows.loc[["pair", "mid"], "gap"].isna().all()
    assert rows.loc["big", "gap"].notna().all()
    differences = tables["comparison by tier"]
    assert differences["difference"].isna().all()
    assert (differences["reason"] == "suppressed").all()
    assert tables["joint_test by tier"].set_index("group").loc["pair", ["n", "t2", "p"]].isna().all()


def test_notes_don_t_tell_the_base_of_an_item_that_is_in_no_table():
    """Dimension scores of those who answered half of the items: one item of a group may rest on two people."""
    frame, instrument = survey({"a": 20, "b": 20})
    frame.loc[frame.index[2:20], "P_attitude"] = np.nan
    responses = Responses(frame, instrument)
    options = {"missing": "available", "minimum": 0.1}
    scores = score_gaps(responses, by="tier", **options)
    assert scores.dimensions.frame["n"].min() == 20
    assert "n per row 2–20;" in scores.dimensions.note()
    shown = SmallCells.of(5, [score_gaps(responses, **options), scores], (), None, responses).gaps(scores)
    assert "n per row 20;" in shown.dimensions.note()
