"""study.toml: read strictly, kept inside its folder, checked to the end."""

import os
import random
import re

import pandas as pd
import pytest

import servqual.study_file as study_file
from servqual.instruments import load_instrument
from servqual.report import Entries
from servqual.study import load_study, new_study
from survey_design.errors import DataError, SpecError

START = 'instrument = "servqual-22"\n'
FILE = '[responses]\nfile = "answers.csv"\n'
DIMENSIONS = ("tangibles", "reliability", "responsiveness", "assurance", "empathy")
POINTS = ", ".join(f'{name} = "imp_{name[:3]}"' for name in DIMENSIONS)


@pytest.fixture
def study(tmp_path):
    """A study folder that works: twelve invented respondents."""
    new_study(tmp_path / "study")
    return tmp_path / "study"


def write(folder, text):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def answers(folder, **changes):
    """Changes columns of answers.csv."""
    path = folder / "answers.csv"
    frame = pd.read_csv(path, dtype=str).assign(**changes)
    frame.to_csv(path, index=False)
    return frame


# --- what study.toml may say -------------------------------------------------------------------------------


def test_a_folder_and_its_study_toml_are_the_same_study(study):
    assert load_study(study) == load_study(study / "study.toml")


def test_the_sample_study():
    study = load_study("data/sample")
    assert [file.table for file in study.files] == ["expectation", "perception"]
    assert (study.by, study.match, study.options["total"]) == (("tier", "area_type"), "region", "dimensions")
    perception = study.files[1]
    assert (perception.design.clusters, perception.design.population) == ("store", "stores_in_tier")
    assert perception.options["faults"] == "set aside"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('titel = "x"', r"top level, key 'titel': it is not known.*Did you mean 'title'\?"),
        ('[responses]\nfile = "answers.csv"\nstrat = "a"', r"\[responses\], key 'strat'.*Did you mean 'strata'\?"),
        ('[responses]\nfile = "answers.csv"\n[gaps]\nbye = "a"', r"\[gaps\], key 'bye'.*Did you mean 'by'\?"),
        ('[responses]\nfile = "answers.csv"\n[expected]\nTAN9 = 6', r"\[expected\], key 'TAN9'.*Did you mean 'TAN\d'"),
        ('[responses]\nfile = "answers.csv"\n[importance]\nempaty = 100', r"\[importance\], key 'empaty'.*'empathy'"),
        ('title.fr = "x"\n[responses]\nfile = "answers.csv"', r"title, key 'fr': it is not known; use en, zh"),
        ('language = "de"\n[responses]\nfile = "answers.csv"', r"language: language='de' is not known"),
        ("title = 3\n[responses]\nfile = 'answers.csv'", r"title: 3 is not a text"),
        ('responses = "answers.csv"', r"responses: 'answers.csv' is not a table; write \[responses\]"),
        ("", r"the data are named by no table"),
        ('[responses]\nfile = "answers.csv"\n[perception]\nfile = "answers.csv"', r"named by \[responses\], \[percep"),
        ('[expectation]\nfile = "answers.csv"', r"named by \[expectation\]"),
        ('[responses]\nstrata = "store"', r"\[responses\] file: the key is missing"),
        ("[responses]\nfile = 7", r"\[responses\] file: 7 is not a text"),
        ('[responses]\nfile = "answers.csv"\nclusters = [1]', r"\[responses\] clusters: \[1\] is not names"),
        ('[responses]\nfile = "answers.csv"\nclusters = ["a", "b", "c"]', r"\[responses\]: clusters.*two stages"),
        ('[responses]\nfile = "answers.csv"\npopulation = { a = "b" }', r"\[responses\] population.*not sizes"),
        ('[responses]\nfile = "answers.csv"\nwhole_clusters = 1', r"whole_clusters: 1 is not true or false"),
        ('[responses]\nfile = "answers.csv"\nselection = "qouta"', r"\[responses\]: selection='qouta'.*'quota'\?"),
        ('[responses]\nfile = "answers.csv"\nfaults = "ignore"', r"\[responses\] faults: faults='ignore' is not known"),
        ('[responses]\nfile = "answers.csv"\nmissing_codes = [[9]]', r"missing_codes: \[\[9\]\] is not codes"),
        ('[responses]\nfile = "answers.csv"\ncolumns = { P_TAN1 = 3 }', r"columns: .* is not names"),
        ('[responses]\nfile = "answers.csv"\nsheet = true', r"sheet: True is neither a name nor a number"),
        ('[responses]\nfile = "answers.csv"\n[gaps]\nlevel = "95"', r"\[gaps\] level: '95' is not a number"),
        ('[responses]\nfile = "answers.csv"\n[gaps]\nlevel = 95', r"\[gaps\]: level=95 must lie between 0 and 1"),
        ('[responses]\nfile = "answers.csv"\n[gaps]\nadjust = "hulm"', r"\[gaps\]: adjust='hulm'.*'holm'\?"),
        ('[responses]\nfile = "answers.csv"\n[expected]\nall = "six"', r"\[expected\]: .* is not levels"),
        ('[responses]\nfile = "answers.csv"\n[variables]\nstore = "Store"', r"\[variables.store\]: 'Store' is not a table"),
        ('[responses]\nfile = "answers.csv"\n[variables.store]\nname = "x"', r"\[variables.store\], key 'name'"),
        (FILE + 'personal_data = "masked"', r"personal_data: personal_data='masked' is not known.*Did you mean 'mask'\?"),
        (FILE + "personal_data = true", r"\[responses\] personal_data: personal_data=True is not known"),
        (FILE + "header_rows = 4", r"\[responses\] header_rows: 4 is not 1, 2 or 3; write header_rows = 2"),
        (FILE + "header_rows = true", r"\[responses\] header_rows: True is not 1, 2 or 3"),
        (FILE + "header_rows = 2.0", r"\[responses\] header_rows: 2.0 is not 1, 2 or 3"),
        (FILE + 'layout = "tall"', r"\[responses\] layout: layout='tall' is not known. Choose one of 'wide', 'long'"),
        (FILE + 'layout = "long"', r"\[responses\] respondent: the key is missing; a line per answer needs it"),
        (FILE + 'item = "question"', r"\[responses\] item: it belongs to a file with one line per answer"),
        (FILE + 'layout = "wide"\nanswer = "a"', r"\[responses\] answer: it belongs .* write layout = \"long\" too"),
        (FILE + 'value_labels = "agree"', r"\[responses\] value_labels: 'agree' is not words and numbers"),
        (FILE + 'value_labels = { agree = "six" }', r"value_labels: 'agree' = 'six' is not a number"),
        (FILE + "value_labels = { P_TAN1 = { agree = [6] } }", r"value_labels: 'P_TAN1' = .* is not a number"),
        (FILE + "value_labels = { agree = true }", r"value_labels: 'agree' = True is not a number"),
        (FILE + 'value_label = { agree = 6 }', r"key 'value_label'.*Did you mean 'value_labels'\?"),
        (FILE + '[gaps]\nmissing = "pairwize"', r"\[gaps\]: missing='pairwize'.*Did you mean 'pairwise'\?"),
        (FILE + "[gaps]\nminimum = 0.5", r"\[gaps\] minimum: it belongs to .* write missing = \"available\" too"),
        (FILE + '[gaps]\nmissing = "available"\nminimum = "half"', r"\[gaps\] minimum: 'half' is not a number"),
        (FILE + '[gaps]\nmissing = "available"\nminimum = 50', r"\[gaps\]: minimum=50 is not a share above 0 and up to 1"),
        (FILE + "[report]\nminimum_base = 1", r"\[report\] minimum_base: 1 is not a whole number of 2 or more"),
        (FILE + "[report]\nminimum_base = -5", r"\[report\] minimum_base: -5 is not .* or 0 to show everything"),
        (FILE + "[report]\nminimum_base = true", r"\[report\] minimum_base: True"),
        (FILE + "[report]\nminimum = 5", r"\[report\], key 'minimum': it is not known; use minimum_base"),
        (FILE + "[stores]\nminimum = 1", r"\[stores\] minimum: 1 is not a whole number of 2 or more"),
        (FILE + '[stores]\nwithin = "store"', r"\[stores\] within: 'store' is the column of the stores"),
        (FILE + '[stores]\nmeasure = "mean"', r"\[stores\], key 'measure': it is not known; use by, minimum, within"),
        (FILE + "[validity]\ndistinkt = 0.9", r"\[validity\], key 'distinkt'.*Did you mean 'distinct'\?"),
        (FILE + "[validity]\ndistinct = 90", r"\[validity\]: distinct=90 must lie between 0 and 1"),
        (FILE + '[validity]\nfloor = "low"', r"\[validity\] floor: 'low' is not a number"),
        (FILE + "[validity]\nfloor = 0.8", r"\[validity\]: floor=0.8 lies above reliability"),
        (FILE + '[validity]\nof = "perceptions"', r"\[validity\]: of='perceptions'.*Did you mean 'perception'\?"),
        (FILE + '[validity]\nestimator = "mle"', r"\[validity\]: estimator='mle' is not known"),
        (FILE + '[validity]\nmissing = "fimll"', r"\[validity\]: missing='fimll'.*Did you mean 'fiml'\?"),
        (FILE + "[validity]\nminimum = 1", r"\[validity\] minimum: 1 is not a whole number of 2 or more"),
        (FILE + "[validity]\nby = [1]", r"\[validity\] by: \[1\] is not names"),
        (FILE + "[validity]\nforms = 1", r"\[validity\] forms: 1 is not true or false"),
        (FILE + "[validity]\nskip = true\np = 0.1", r"\[validity\] skip: the other keys would have no effect"),
        (FILE + '[importance]\npoints = "own"', r"\[importance\] points: points are given as numbers here"),
        (FILE + '[importance]\npoints = "both"\ncolumns = { ' + POINTS + " }", r"points: points='both' is not known"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(study, text, message):
    with pytest.raises(SpecError, match=r"(?s)study\.toml, .*" + message):
        load_study(write(study, START + text))


@pytest.mark.parametrize(("points", "total"), [((20, 20, 20, 20, 19), 99), ((30, 30, 30, 30, 30), 150)])
def test_importance_must_share_out_100_points(study, points, total):
    names = [dimension.id for dimension in load_instrument("servqual-22").dimensions]
    table = "\n".join(f"{name} = {value}" for name, value in zip(names, points, strict=True))
    with pytest.raises(SpecError, match=f"the points add up to {total}; share out 100 points"):
        load_study(write(study, f'{START}[responses]\nfile = "answers.csv"\n[importance]\n{table}'))


def test_importance_may_round(study):
    text = "tangibles = 33.3\nreliability = 33.3\nresponsiveness = 33.3\nassurance = 0\nempathy = 0"
    loaded = load_study(write(study, f'{START}[responses]\nfile = "answers.csv"\n[importance]\n{text}'))
    assert loaded.options["importance"]["reliability"] == 33.3
    assert set(loaded.results().gaps[0].total.frame["total"]) == {"mean", "sum", "weighted"}


def test_importance_from_columns_weighs_each_respondent_and_is_said(study):
    points = {"imp_a": 10, "imp_b": 40, "imp_c": 20, "imp_d": 20, "imp_e": 10}
    answers(study, **points)
    names = [dimension.id for dimension in load_instrument("servqual-22").dimensions]
    columns = ", ".join(f'{name} = "{column}"' for name, column in zip(names, points, strict=True))
    write(study, f'{START}[responses]\nfile = "answers.csv"\n[importance]\ncolumns = {{ {columns} }}')
    total = load_study(study).results().gaps[0].total
    assert "each respondent's own 100 points weigh their scores, 12 respondents (0 left out" in total.note()
    gaps = load_study(study).results().gaps[0].dimensions.frame.set_index("dimension")["gap"]
    weighted = sum(gaps[name] * value for name, value in zip(names, points.values(), strict=True)) / 100
    assert total.frame.set_index("total").loc["weighted", "gap"] == pytest.approx(weighted)


def test_fixed_levels_take_the_place_of_an_expectation_survey(study):
    frame = answers(study)
    frame.drop(columns=[name for name in frame if name.startswith("E_")]).to_csv(study / "p.csv", index=False)
    write(study, 'instrument = "servperf-22"\n[perception]\nfile = "p.csv"\n[expected]\nall = 6')
    table = load_study(study).results().gaps[0].dimensions.frame
    assert (table["expectation"] == 6).all()


def test_two_expectations_are_one_too_many(study):
    text = '[expectation]\nfile = "answers.csv"\n[perception]\nfile = "answers.csv"\n[expected]\nall = 6'
    with pytest.raises(SpecError, match=r"\[expected\]: there is an \[expectation\] file too"):
        load_study(write(study, START + text))


def test_own_instrument_lies_in_the_folder(study):
    shipped = "servqual/item_banks/servqual-22.toml"
    with open(shipped, encoding="utf-8") as file:
        text = file.read().replace('name = "servqual-22"', 'name = "ours"', 1)
    (study / "ours.toml").write_text(text, encoding="utf-8")
    loaded = load_study(write(study, 'instrument = "ours.toml"\n[responses]\nfile = "answers.csv"'))
    assert loaded.files[0].instrument.name == "ours"
    with pytest.raises(SpecError, match="no instrument 'servqual-23'"):
        load_study(write(study, 'instrument = "servqual-23"\n[responses]\nfile = "answers.csv"'))


def test_names_of_columns_and_codes_reach_the_tables(study):
    text = '[responses]\nfile = "answers.csv"\n[gaps]\nby = "store"\n[variables.store]\nlabel.en = "Shop"\n'
    write(study, START + text + 'label.zh = "门店"\nvalues.S1 = { en = "High Street", zh = "大街店" }')
    assert "Shop" in load_study(study).results("en").gaps[1].dimensions.shown().columns
    assert "大街店" in load_study(study).results("zh").gaps[1].dimensions.shown()["门店"].tolist()


def test_missing_rule_whose_points_and_smallest_base_reach_the_report(study):
    answers(study, **dict(zip((f"imp_{name[:3]}" for name in DIMENSIONS), (10, 40, 20, 20, 10), strict=True)))
    frame = answers(study)
    frame.loc[:3, "P_TAN1"] = ""
    frame.to_csv(study / "answers.csv", index=False)
    text = f'{START}{FILE}[gaps]\nmissing = "RULE"\n[importance]\npoints = "POINTS"\ncolumns = {{ {POINTS} }}\n'
    said, bases = {}, {}
    for rule, points in (("pairwise", "own"), ("complete", "mean"), ("available", "own")):
        chosen = load_study(write(study, text.replace("RULE", rule).replace("POINTS", points)))
        results = chosen.results()
        bases[rule] = results.gaps[0].to_frame().set_index("dimension")["n"].to_dict()
        said[rule] = results.report().to_html()
        assert chosen.settings()["[importance] points"] == points
        assert chosen.settings()["[gaps] missing"] == rule
    assert bases["pairwise"]["tangibles"] == 8
    assert bases["pairwise"]["reliability"] == 12
    assert set(bases["complete"].values()) == {8}
    assert bases["available"]["tangibles"] == 12
    assert "each row rests on those who answered all that it needs" in said["pairwise"]
    assert "only respondents who answered every item count" in said["complete"]
    assert "if at least 50% of them were" in said["available"]
    assert "own 100 points weigh their scores, 12 respondents" in said["pairwise"]
    assert "mean importance points of 12 respondents" in said["complete"]


def test_own_points_of_people_who_did_not_rate_are_refused_in_the_words_of_study_toml(study):
    frame = answers(study, **{f"imp_{name[:3]}": 20 for name in DIMENSIONS})
    frame.drop(columns=[name for name in frame if name.startswith("P_")]).to_csv(study / "e.csv", index=False)
    frame.drop(columns=[name for name in frame if name[:2] in ("E_", "im")]).to_csv(study / "p.csv", index=False)
    files = '[expectation]\nfile = "e.csv"\n[perception]\nfile = "p.csv"\n'
    found = load_study(write(study, f'{START}{files}[importance]\npoints = "own"\ncolumns = {{ {POINTS} }}')).check()
    assert 'points = "own" under [importance] is not possible here' in found.problems[0]
    assert "points='" not in found.problems[0]


def test_stores_of_a_study(study):
    frame = answers(study)
    many = pd.concat([frame] * 4, ignore_index=True)
    many["respondent"] = [f"R{k}" for k in range(len(many))]
    many["tier"] = ["a" if store in ("S1", "S2") else "b" for store in many["store"]]
    many.to_csv(study / "answers.csv", index=False)
    loaded = load_study(write(study, f'{START}{FILE}[stores]\nwithin = "tier"\nminimum = 13'))
    assert loaded.stores == {"by": "store", "within": "tier", "minimum": 13}
    results = loaded.results()
    assert results.stores.frame["n"].tolist() == [12] * 4
    assert "To protect respondents, 4 of 4 are not shown: fewer than 13 people" in results.report().to_html()
    assert loaded.settings()["[stores] within"] == "tier"
    open_study = load_study(write(study, f"{START}{FILE}[stores]\n[report]\nminimum_base = 0"))
    assert "not shown" not in open_study.report().to_html()
    assert load_study(write(study, START + FILE)).results().stores is None
    misspelt = load_study(write(study, f'{START}{FILE}[stores]\nwithin = "teir"')).check()
    assert "no column 'teir'. Did you mean 'tier'?" in misspelt.problems[0]


def test_store_estimates_are_random_by_a_seed_that_is_told(sample_reports):
    blocks = [block for section in sample_reports["en"].sections for block in section.blocks]
    entries = [entry for block in blocks if isinstance(block, Entries) for entry in block.entries]
    assert [entry.text for entry in entries if entry.name == "Random seed"] == ["0"]


def test_perceptions_alone_give_stores_by_their_perceptions(study):
    frame = answers(study)
    frame.drop(columns=[name for name in frame if name.startswith("E_")]).to_csv(study / "p.csv", index=False)
    text = 'instrument = "servperf-22"\n[perception]\nfile = "p.csv"\n[expected]\nall = 6\n[stores]'
    stores = load_study(write(study, text)).results().stores
    assert stores.of == "gap"
    assert (stores.frame["expectation"] == 6).all()


def test_the_generated_study_explains_every_key_and_every_key_can_be_used(study):
    text = (study / "study.toml").read_text(encoding="utf-8")
    for key in (*study_file._FILE - {"instrument", "whole_clusters"}, *study_file._GAPS, *study_file._STORES,
                "minimum_base", "points"):  # fmt: skip
        assert re.search(rf"^(# )?{key} = ", text, re.MULTILINE), key
    used = text.replace("# missing_codes", "missing_codes").replace("# header_rows = 2", "header_rows = 1")
    used = used.replace("# value_labels", "value_labels").replace("# [stores]\n# by", "[stores]\nby")
    assert load_study(write(study, used)).check().ok


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["../secret.csv", "/etc/hostname", "sub/../../secret.csv"])
def test_files_outside_of_the_folder_are_refused(study, named):
    (study.parent / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    (study / "sub").mkdir()
    with pytest.raises(SpecError, match=r"study\.toml, \[responses\] file: .* lies outside the study's folder"):
        load_study(write(study, f'{START}[responses]\nfile = "{named}"'))


def test_a_link_does_not_lead_out_of_the_folder(study):
    (study.parent / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    os.symlink(study.parent / "secret.csv", study / "link.csv")
    with pytest.raises(SpecError, match="lies outside the study's folder"):
        load_study(write(study, START + '[responses]\nfile = "link.csv"'))


def test_an_instrument_outside_of_the_folder_is_refused(study):
    with pytest.raises(SpecError, match=r"instrument: '\.\./own\.toml' lies outside"):
        load_study(write(study, 'instrument = "../own.toml"\n[responses]\nfile = "answers.csv"'))


def test_a_missing_file_is_named_with_its_near_miss(study):
    with pytest.raises(SpecError, match=r"'answer.csv' is not in the study's folder.*Did you mean 'answers.csv'\?"):
        load_study(write(study, START + '[responses]\nfile = "answer.csv"'))


def test_broken_toml(study):
    with pytest.raises(SpecError, match=r"study.toml is not valid TOML: .*line 2"):
        load_study(write(study, START + "[responses\n"))


def test_a_study_toml_in_another_encoding(study):
    (study / "study.toml").write_bytes('title = "门店"'.encode("gb18030"))
    with pytest.raises(SpecError, match=r"study\.toml is not UTF-8 text"):
        load_study(study)


def test_a_mark_at_the_start_of_the_file_is_no_error(study):
    path = study / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_study(study).check().ok


def test_a_folder_without_study(tmp_path):
    with pytest.raises(SpecError, match=r"has no study\.toml\. Make a study folder with: servqual new"):
        load_study(tmp_path)


# --- check and run -----------------------------------------------------------------------------------------


def two_files(study):
    """The answers as two files with a fault each, and a design column that one lacks."""
    frame = answers(study)
    frame.loc[0, "E_TAN1"], frame.loc[3, "P_REL2"], frame.loc[4, "P_REL2"] = "9", "x", "0"
    frame.drop(columns=[name for name in frame if name.startswith("P_")]).to_csv(study / "e.csv", index=False)
    frame.drop(columns=[name for name in frame if name.startswith("E_")]).to_csv(study / "p.csv", index=False)
    return '[expectation]\nfile = "e.csv"\n[perception]\nfile = "p.csv"\n'


def test_check_goes_through_all_files_and_cells(study):
    write(study, START + two_files(study) + 'strata = "region"\nrespondent = "person"')
    found = load_study(study).check()
    assert not found.ok
    said = "\n".join(found.problems)
    assert "e.csv: 1 faulty cell: nothing is used until it is corrected" in said
    assert "p.csv has no column 'region'" in said
    assert "p.csv has no column 'person'" in said
    assert found.cases.dropna(subset="row")[["file", "row", "column"]].to_numpy().tolist() == [["e.csv", 2, "E_TAN1"]]


def test_check_lists_cells_of_both_files(study):
    found = load_study(write(study, START + two_files(study))).check()
    assert set(found.cases[["file", "row", "column", "value"]].itertuples(index=False, name=None)) == {
        ("e.csv", 2, "E_TAN1", "9"),
        ("p.csv", 5, "P_REL2", "x"),
        ("p.csv", 6, "P_REL2", "0"),
    }


def test_faults_that_are_set_aside_are_noted_and_no_problem(study):
    text = two_files(study).replace('.csv"\n', '.csv"\nfaults = "set aside"\n')
    found = load_study(write(study, START + text)).check()
    assert found.ok
    assert len(found.cases) == 3
    assert found.notes == (
        "e.csv: 12 respondents of 12 rows kept, 1 faulty cell set aside.",
        "p.csv: 12 respondents of 12 rows kept, 2 faulty cells set aside.",
    )


def test_check_finds_what_only_scoring_shows(study):
    write(study, START + '[responses]\nfile = "answers.csv"\n[gaps]\nby = ["stor"]')
    assert "has no column 'stor'. Did you mean 'store'?" in load_study(study).check().problems[0]


def test_report_stops_at_faulty_cells_and_carries_them(study):
    answers(study, P_EMP5=[str(k) for k in range(12)])
    with pytest.raises(DataError) as caught:
        load_study(study).report()
    assert caught.value.cases["row"].tolist() == [2, 10, 11, 12, 13]


def test_a_group_with_one_value_is_not_compared(study):
    answers(study, region="north")
    results = load_study(write(study, START + '[responses]\nfile = "answers.csv"\n[gaps]\nby = "region"')).results()
    assert results.comparisons == ()
    assert "There is only one value of region" in results.report().to_html()


def test_comparisons_are_corrected_as_the_gaps_are(study):
    text = '[responses]\nfile = "answers.csv"\n[gaps]\nby = "store"\nadjust = "fdr_bh"'
    results = load_study(write(study, START + text)).results()
    assert {results.comparisons[0].adjust, results.gaps[1].dimensions.adjust} == {"fdr_bh"}


def test_language_changes_words_and_no_number(study):
    english, chinese = (load_study(study).results(language) for language in ("en", "zh"))
    pd.testing.assert_frame_equal(english.gaps[0].to_frame(), chinese.gaps[0].to_frame())
    assert english.report().title == "My service-quality study"
    assert chinese.report().title == "我的服务质量研究"


def test_answers_are_only_read(study):
    before = (study / "answers.csv").read_bytes()
    load_study(study).report()
    assert (study / "answers.csv").read_bytes() == before
    assert sorted(path.name for path in study.iterdir()) == ["README.md", "answers.csv", "study.toml"]


@pytest.mark.parametrize("twice", [False, True])
def test_check_does_not_speak_of_rows_kept_where_a_fault_means_that_nothing_is_used(study, twice):
    answers(study, respondent=["R01", *[f"R{k:02d}" for k in range(1, 12)]]) if twice else answers(study, P_TAN1="9")
    found = load_study(study).check()
    assert found.notes == ("answers.csv: 12 rows read.",)
    said = 'corrected or faults = "set aside" is written under [responses]'
    assert (
        f"{'1 faulty cell: nothing is used until it is' if twice else '12 faulty cells: nothing'}" in found.problems[0]
    )
    assert said in found.problems[0]


@pytest.mark.parametrize("faults", ["raise", "set aside"])
def test_problems_speak_the_words_of_study_toml(study, faults):
    items = [name for name in answers(study) if name[1] == "_"]
    answers(study, **dict.fromkeys(items, "9"))
    write(study, f'{START}[responses]\nfile = "answers.csv"\nfaults = "{faults}"')
    with pytest.raises(DataError) as caught:
        load_study(study).report()
    for text in (str(caught.value), *load_study(study).check().problems):
        assert ".cases" not in text
        assert "faults=" not in text
        assert "'set aside'" not in text
        assert not text.endswith("..")
    assert ('write faults = "set aside"' in str(caught.value)) == (faults == "raise")
    assert len(caught.value.cases) == 12 * len(items)


def test_a_missing_expectation_is_asked_for_as_study_toml_writes_it(study):
    frame = answers(study)
    frame.drop(columns=[name for name in frame if name.startswith("E_")]).to_csv(study / "p.csv", index=False)
    found = load_study(write(study, START + '[responses]\nfile = "p.csv"')).check()
    assert "write [expected] all = 6" in found.problems[0]
    assert "score_performance" not in found.problems[0]


def test_check_warns_of_one_respondent_one_answer_and_one_cluster(study):
    frame, path = answers(study), study / "answers.csv"
    items = [name for name in frame if name[1] == "_"]
    cases = {
        "one respondent only": frame.head(1),
        "everyone gave the same answers": frame.assign(**dict.fromkeys(items, "5")),
        r"everyone comes from one store \(S1\).*any other store is not spoken for": frame.assign(store="S1"),
    }
    for said, changed in cases.items():
        changed.to_csv(path, index=False)
        found = load_study(study).check()
        assert found.ok
        assert len(found.warnings) == 1
        assert re.search(said, found.warnings[0])
    frame.to_csv(path, index=False)
    assert load_study(study).check().warnings == ()


def test_guessed_letters_are_told_with_an_example(study):
    frame = answers(study, 门店=["大街店", *["北店"] * 11])
    frame.to_csv(study / "answers.csv", index=False, encoding="gb18030")
    said = load_study(study).check().warnings[0]
    assert "read as GB18030 because it is not UTF-8; if names look wrong, name its encoding" in said
    assert "门店" in said
    results = load_study(study).results()
    assert "read as GB18030" in results.report().to_html()
    toml = study / "study.toml"
    named = toml.read_text(encoding="utf-8").replace("[responses]", '[responses]\nencoding = "gb18030"', 1)
    toml.write_text(named, encoding="utf-8")
    assert load_study(study).check().warnings == ()
    assert "read as GB18030" not in load_study(study).report().to_html()


def test_guessed_letters_are_told_where_the_file_cannot_be_used(study):
    frame = answers(study).rename(columns={"E_TAN1": "für uns"})
    frame.to_csv(study / "answers.csv", index=False, encoding="latin-1")
    found = load_study(study).check()
    assert not found.ok
    assert "read as GB18030" in found.warnings[0]


def test_labels_without_chinese_are_told(study):
    with open("servqual/item_banks/servqual-22.toml", encoding="utf-8") as file:
        text = file.read().replace('name = "servqual-22"', 'name = "ours"', 1)
    lines = [line for line in text.splitlines() if not re.match(r"(text|label)\.zh = ", line)]
    (study / "ours.toml").write_text("\n".join(lines), encoding="utf-8")
    loaded = load_study(write(study, 'instrument = "ours.toml"\n[responses]\nfile = "answers.csv"'))
    assert loaded.check().warnings == ()
    assert "without Chinese" in loaded.check("zh").warnings[0]
    assert "没有中文" in loaded.report("zh").to_html()
    assert "without" not in " ".join(load_study("data/sample").check("zh").warnings)


def test_settings_name_how_people_were_chosen():
    settings = load_study("data/sample").settings()
    assert settings["[perception] clusters"] == "store"
    assert settings["[perception] population"] == "stores_in_tier"
    assert {"[perception] strata", "[perception] selection", "[expectation] selection"} <= set(settings)


# --- new ---------------------------------------------------------------------------------------------------


def test_new_study_is_the_same_every_time_and_passes(tmp_path):
    random.seed(0)
    made = [new_study(tmp_path / name) for name in "ab"]
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]
    assert load_study(tmp_path / "a").check().ok


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_new_study_overwrites_nothing(tmp_path, kind):
    place = tmp_path / "mine"
    if kind == "folder":
        place.mkdir()
        (place / "answers.csv").write_text("mine", encoding="utf-8")
    else:
        place.write_text("mine", encoding="utf-8")
    with pytest.raises(SpecError, match="nothing was written"):
        new_study(place)
    assert (place / "answers.csv" if kind == "folder" else place).read_text(encoding="utf-8") == "mine"


def test_new_study_may_fill_an_empty_folder(tmp_path):
    assert len(new_study(tmp_path)) == 3


# --- is the scale sound? -------------------------------------------------------------------------------------


def test_lines_of_the_gate_reach_it_and_are_on_record(study):
    text = "[validity]\ndistinct = 0.5\nfloor = 0.2\nreliability = 0.3\nby = []\nforms = false\nminimum = 6\n"
    results = load_study(write(study, START + FILE + text)).results()
    assert (results.validity.thresholds.distinct, results.validity.thresholds.floor) == (0.5, 0.2)
    assert dict(results.comparability) == {}
    assert results.study.settings()["[validity] distinct"] == "0.5"
    assert "two factors are one from r = .50" in results.report().to_html()


def test_the_ruler_of_the_sample_is_tested_for_what_the_study_names(sample_results):
    results = sample_results["en"]
    assert list(results.comparability) == ["tier", "area_type", "expectation–perception"]
    assert results.comparability["tier"].untested == ("cooperative",)
    assert [str(each) == table.comparability for each, table in
            zip(results.comparability.values(), results.comparisons, strict=False)] == [True, True]  # fmt: skip
    assert results.study.settings()["[validity] by"] == "tier, area_type"


def test_a_column_to_be_tested_that_is_not_there_is_named(study):
    found = load_study(write(study, START + FILE + '[validity]\nby = "stor"')).check()
    assert "'stor'" in found.problems[0]
    assert "store" in found.problems[0]


def test_the_skeleton_of_a_new_study_names_every_key_of_validity(study):
    text = (study / "study.toml").read_text(encoding="utf-8")
    part = text[text.index("# [validity]") : text.index("# What mystery shoppers")]
    named = re.findall(r"^# (?:# )?([a-z]+) = ", part, flags=re.MULTILINE)
    assert sorted(named) == sorted(study_file._VALIDITY)
    alive = re.sub("^# (?!#)", "", part, flags=re.MULTILINE)
    loaded = load_study(write(study, START + FILE + alive))
    assert loaded.validity["estimator"] == "mlr"
    assert (loaded.validity["distinct"], loaded.validity["minimum"]) == (0.9, 100)


# --- mystery visits ----------------------------------------------------------------------------------------

CHECKLIST = '[checklist]\nname = "telecom-store"\n'
VISITS = CHECKLIST + '[visits]\nfile = "visits.csv"\n'


@pytest.fixture
def visited(study):
    """The same study with twelve visits of four stores."""
    visits = pd.read_csv("data/sample/visits.csv", dtype=str).head(12)
    visits.assign(store=["S1", "S2", "S3", "S4"] * 3).to_csv(study / "visits.csv", index=False)
    return study


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CHECKLIST, r"\[checklist\]: there are no visits it belongs to; write \[visits\]"),
        ('[competitors]\nfile = "visits.csv"', r"\[competitors\]: there are no visits it belongs to"),
        ('[visits]\nfile = "visits.csv"', r"\[visits\]: nothing says what was looked for; write \[checklist\]"),
        (
            '[checklist]\nname = "telekom-store"\n[visits]\nfile = "visits.csv"',
            r"\[checklist\] name: no checklist 'telekom",
        ),
        (
            '[checklist]\nname = "mine.toml"\n[visits]\nfile = "visits.csv"',
            r"name: 'mine.toml' is not in the study's folder",
        ),
        (
            '[checklist]\nfile = "x"\n[visits]\nfile = "visits.csv"',
            r"\[checklist\], key 'file': it is not known; use name",
        ),
        (CHECKLIST + "[visits]\nmode = 'covert'", r"\[visits\] file: the key is missing"),
        (VISITS + 'mode = "covret"', r"\[visits\]: mode='covret'.*Did you mean 'covert'\?"),
        (VISITS + 'exposed = "no"', r"\[visits\]: exposed='no' is not known"),
        (VISITS + "threshold = 120", r"\[visits\] threshold: 120 is not a score from 0 to 100"),
        (VISITS + "green = 60\nred = 70", r"\[visits\] red: it lies above green"),
        (VISITS + "rotation_months = 0", r"\[visits\] rotation_months: 0 is not a whole number of 1 or more"),
        (VISITS + 'stors = "stores.csv"', r"\[visits\], key 'stors'.*Did you mean 'stores'\?"),
        (VISITS + 'stores = "stores.csv"', r"\[visits\] stores: 'stores.csv' is not in the study's folder"),
        (VISITS + "columns = { a = 1 }", r"\[visits\] columns: .* is not names"),
        (VISITS + "not_applicable = [[8]]", r"\[visits\] not_applicable: .* is not codes"),
        (VISITS + '[moves]\nfile = "visits.csv"', r"\[moves\]: it belongs to competitors"),
        (VISITS + "[competitors]\ndays = 3", r"\[competitors\], key 'days': it is not known"),
        (VISITS + '[inspectors]\nlist = "x"', r"\[inspectors\], key 'list': it is not known; use file"),
        (VISITS + "[visits.more]\na = 1", r"\[visits\], key 'more'"),
        ('visits = "visits.csv"', r"visits: 'visits.csv' is not a table; write \[visits\]"),
    ],
)
def test_settings_of_visits_are_read_strictly(visited, text, message):
    whole = START + text + "\n" + FILE if text.startswith("visits =") else START + FILE + text
    with pytest.raises(SpecError, match=message):
        load_study(write(visited, whole))


def test_visits_of_the_sample_study():
    asked = load_study("data/sample").inspection
    assert (asked.checklist.id, asked.within, asked.mode, asked.threshold) == ("telecom-store", "tier", "covert", 70.0)
    assert asked.competitors.path.name == "competitor_visits.csv"
    assert (asked.days, asked.inspectors.name) == (90, "inspectors.csv")
    settings = load_study("data/sample").settings()
    assert settings["[checklist] name"] == "telecom-store"
    assert settings["[visits] green"] == "75"


def test_faulty_visits_are_found_with_their_cells(visited):
    frame = pd.read_csv(visited / "visits.csv", dtype=str)
    frame.loc[2, "uniform"] = "perhaps"
    frame.to_csv(visited / "visits.csv", index=False)
    found = load_study(write(visited, START + FILE + VISITS)).check()
    assert not found.ok
    assert "uniform" in found.problems[0]
    assert "perhaps" in set(found.cases["value"])
    kept = load_study(write(visited, START + FILE + VISITS + 'faults = "set aside"')).check()
    assert kept.ok
    assert "visits.csv: 11 of 12 visits kept, 2 faulty cells set aside." in kept.notes, "one visit judged nothing"
    assert "visits.csv: answers missing (1 case); kept and flagged." in kept.warnings
    assert set(kept.cases["column"]) == {"uniform", "visit"}


def test_the_skeleton_of_a_new_study_names_every_key_of_visits(visited):
    from servqual import inspections

    new = (visited / "study.toml").read_text(encoding="utf-8")
    part = new[new.index("# [checklist]") : new.index("[report]")]
    tables = {name: re.split(rf"^# \[{name}\]", part, flags=re.MULTILINE)[1] for name in inspections.TABLES}
    named = re.findall(r"^# ([a-z_]+) = ", tables["visits"].split("# [competitors]")[0], flags=re.MULTILINE)
    assert sorted(named) == sorted(inspections._VISITS)
    assert "name = " in tables["checklist"]
    assert "days = " in tables["moves"]
