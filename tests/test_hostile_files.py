"""Files as they come, through ``servqual check`` and ``servqual report``: clear words, flagged rows, a ledger that adds up."""

from __future__ import annotations

import base64
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from servqual.cli import cli
from servqual.instruments import load_instrument
from servqual.study import load_study

pytestmark = pytest.mark.usefixtures("fits_kept")
WORDS = pytest.mark.usefixtures("pictures_unsaved")  # answers like those of other files, whose pictures are saved here

INSTRUMENT = load_instrument("servqual-22")
DIMENSIONS = [dimension.id for dimension in INSTRUMENT.dimensions]
PHONE = "13800000000"  # of nobody: a number of the right form


def survey(n=60, instrument=INSTRUMENT, seed=3, usual=None):
    """Answers of n people to all forms of an instrument, as texts, with an id and a store."""
    dice = np.random.default_rng(seed)
    usual = usual or {"expectation": 6, "perception": 5, "minimum": 4, "desired": 6}
    data = {"respondent": [f"R{k:03d}" for k in range(n)], "store": [f"S{k % 4}" for k in range(n)]}
    for form in instrument.forms:
        for column in instrument.columns(form.name).values():
            data[column] = np.clip(usual[form.name] + dice.integers(-1, 2, n), 1, 7).astype(str)
    return pd.DataFrame(data)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "study").mkdir()
    return tmp_path / "study"


def study(folder, text="", *, instrument="servqual-22", file="answers.csv", more=""):
    head = f'instrument = "{instrument}"\n[responses]\nfile = "{file}"\nfaults = "set aside"\n{more}\n'
    (folder / "study.toml").write_text(head + text, encoding="utf-8")
    return load_study(folder)


def run(command, folder, *more):
    """The outcome of a command; a report goes into a folder beside the study."""
    out = ["--out", str(folder.parent / "out")] if command == "report" else []
    told = CliRunner().invoke(cli, [command, str(folder), *out, *more])
    assert "Traceback" not in told.output
    return told


def passed(folder):
    """What check and report say; both must pass, and every ledger must add up."""
    checked, reported = run("check", folder), run("report", folder)
    assert checked.exit_code == reported.exit_code == 0, checked.output + reported.output
    for side in load_study(folder).read().sides:
        assert side.ledger.adds_up()
    return checked.output, page_text(folder)


def page_text(folder):
    return BeautifulSoup((folder.parent / "out" / "report.html").read_bytes(), "html.parser").get_text("\n")


def written(folder):
    """Everything a report has written, as text: page, alternative texts, pictures, CSVs, workbook."""
    out = folder.parent / "out"
    page = (out / "report.html").read_text(encoding="utf-8")
    texts = [page, *(base64.b64decode(each).decode() for each in re.findall(r"svg\+xml;base64,([^\"]+)", page))]
    texts += [path.read_text(encoding="utf-8-sig") for path in out.rglob("*.csv")]
    for path in out.glob("*.xlsx"):
        texts += [str(cell) for sheet in openpyxl.load_workbook(path) for row in sheet.values for cell in row]
    return "\n".join(texts)


def table(folder, name):
    return pd.read_csv(folder.parent / "out" / "tables" / f"{name}.csv")


# --- importance points -------------------------------------------------------------------------------------


def test_points_that_sum_to_97_are_left_out_and_counted(folder):
    frame = survey()
    for name, points in zip(DIMENSIONS, (20, 30, 20, 15, 15), strict=True):
        frame[f"imp_{name}"] = points
    frame.loc[:8, "imp_empathy"] = 12
    frame.to_csv(folder / "answers.csv", index=False)
    columns = ", ".join(f'{name} = "imp_{name}"' for name in DIMENSIONS)
    study(folder, f"[importance]\ncolumns = {{ {columns} }}\n")
    _, page = passed(folder)
    assert (
        "own 100 points weigh their scores, 51 respondents (9 left out: points missing, negative or not adding" in page
    )
    assert table(folder, "total").set_index("total").loc["weighted", "n"] == 51


def test_points_given_as_numbers_that_sum_to_97_are_refused(folder):
    survey().to_csv(folder / "answers.csv", index=False)
    points = "\n".join(f"{name} = {value}" for name, value in zip(DIMENSIONS, (20, 30, 20, 15, 12), strict=True))
    head = 'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\n[importance]\n'
    (folder / "study.toml").write_text(head + points, encoding="utf-8")
    for command in ("check", "report"):
        told = run(command, folder)
        assert told.exit_code == 1
        assert "study.toml, [importance]: the points add up to 97; share out 100 points" in told.stderr


# --- minimum above desired ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_inversions_are_counted_with_and_without(folder, language):
    instrument = load_instrument("tolerance-22")
    frame = survey(80, instrument)
    lowest, desired = (instrument.column(form, "REL2") for form in ("minimum", "desired"))
    frame.loc[:6, lowest], frame.loc[:6, desired] = "7", "2"
    frame.to_csv(folder / "answers.csv", index=False)
    study(folder, "[gaps]\nby = 'store'\n", instrument="tolerance-22")
    assert run("check", folder).exit_code == 0
    told = run("report", folder, "--language", language)
    assert told.exit_code == 0, told.output
    assert "MSA" in told.stdout
    assert len(told.stdout.splitlines()) == 6
    page = page_text(folder)
    said = {"en": "Inverted answers, whose minimum lies above the desired level: 7, given by 7 respondents",
            "zh": "最低水平高于理想水平的倒置回答共 7 处，来自 7 位受访者"}  # fmt: skip
    assert said[language] in page
    sides = table(folder, "zone_inversions").set_index(["kind", "measure"])
    row = sides.loc[("dimension", "reliability")]
    assert (row["n"], row["n_inverted"], row["n_without"]) == (80, 7, 73)
    assert row["adequacy"] != row["adequacy_without"]
    answers = frame[
        list(instrument.columns("perception").values()) + list(instrument.columns("minimum").values())
    ].astype(int)
    items = [item.id for item in instrument.items_of("reliability")]
    msa = np.mean(
        [answers[instrument.column("perception", i)] - answers[instrument.column("minimum", i)] for i in items]
    )
    assert row["adequacy"] == pytest.approx(msa)
    assert {"zone_by_store.csv", "zone_total_by_store.csv"} <= {
        p.name for p in (folder.parent / "out" / "tables").iterdir()
    }
    titles = [
        h2.text
        for h2 in BeautifulSoup((folder.parent / "out" / "report.html").read_bytes(), "html.parser").main.find_all("h2")
    ]
    assert len(titles) == 8, titles


def test_small_groups_of_a_zone_study_are_left_out(folder):
    instrument = load_instrument("tolerance-22")
    frame = survey(40, instrument)
    frame["store"] = ["S1"] * 20 + ["S2"] * 11 + ["S3"] * 6 + ["S4"] * 3
    frame.to_csv(folder / "answers.csv", index=False)
    study(folder, "[gaps]\nby = 'store'\n", instrument="tolerance-22")
    _, page = passed(folder)
    assert "2 of 4 groups by store are not shown" in page
    for name in ("zone_by_store", "zone_total_by_store", "zone_shares_by_store"):
        assert set(table(folder, name)["store"]) == {"S1", "S2"}
    assert "n per row 11–20" in page
    assert not re.search(r"n per row 3|\bS[34]\b", page)


def test_settings_of_gaps_have_no_place_in_a_study_of_zones(folder):
    survey(40, load_instrument("tolerance-22")).to_csv(folder / "answers.csv", index=False)
    study(folder, '[gaps]\nmissing = "complete"\n', instrument="tolerance-22")
    told = run("check", folder)
    assert told.exit_code == 1
    assert "so there are no gaps and [gaps] missing would have no effect" in told.stderr


def test_a_zone_stands_beside_gaps_from_fixed_levels(folder):
    survey(40, load_instrument("tolerance-22")).to_csv(folder / "answers.csv", index=False)
    study(folder, "[expected]\nall = 6\n", instrument="tolerance-22")
    _, page = passed(folder)
    assert "The zone of tolerance" in page
    assert (table(folder, "dimensions")["expectation"] == 6).all()
    assert "adequacy" in table(folder, "zone")


# --- kinds of files ----------------------------------------------------------------------------------------


def test_an_spss_file_with_dates_and_texts(folder):
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = survey()
    answers = [name for name in frame if name[1] == "_"]
    frame[answers] = frame[answers].astype(float)
    frame.loc[0, "P_TAN1"], frame.loc[1, "P_TAN1"] = 99.0, 9.0
    frame["visited"] = pd.Timestamp("2024-03-05").date()
    frame["remark"] = "好"
    pyreadstat.write_sav(frame, folder / "answers.sav", missing_ranges={"P_TAN1": [99.0]},
                         column_labels={"store": "门店"})  # fmt: skip
    study(folder, "[gaps]\nby = 'store'\n", file="answers.sav")
    checked, page = passed(folder)
    assert "answers.sav: 60 respondents of 60 rows kept, 1 faulty cell set aside." in checked
    assert re.search(r"answers.sav\s+2\s+P_TAN1\s+9\.?0?\s+outside 1-7", checked)
    assert "By 门店" in page
    ledger = table(folder, "ledger_both").set_index("step")["n"]
    assert (ledger["missing code"], ledger["off scale"]) == (1, 1)


@WORDS
def test_mixed_encodings_are_told(folder):
    frame = survey()
    frame["remark"] = "服务很好"
    lines = frame.to_csv(index=False).splitlines(keepends=True)
    mixed = b"".join(line.encode("gb18030" if 20 <= k < 30 else "utf-8") for k, line in enumerate(lines))
    (folder / "answers.csv").write_bytes(mixed)
    study(folder)
    checked, page = passed(folder)
    assert "Warning: answers.csv holds two encodings: lines 21" in checked
    assert "answers.csv holds two encodings" in page
    assert load_study(folder).read().frame["remark"].eq("服务很好").all()


@WORDS
def test_a_header_repeated_in_the_middle_is_left_out_and_counted(folder):
    lines = survey().to_csv(index=False).splitlines(keepends=True)
    (folder / "answers.csv").write_text("".join([*lines[:31], lines[0], *lines[31:]]), encoding="utf-8")
    study(folder)
    checked, page = passed(folder)
    assert "Warning: answers.csv: the header is repeated in 1 row, left out." in checked
    assert "answers.csv: 60 respondents of 61 rows kept." in checked, "no faulty cell"
    assert re.search(r"answers.csv\s+32\s+respondent\s+respondent\s+header repeated", checked)
    assert "header repeated, left out" in page
    ledger = table(folder, "ledger_both").set_index("step")["n"]
    assert (ledger["read"], ledger["header repeated"], ledger["kept"]) == (61, 1, 60)


@WORDS
def test_a_repeated_header_is_no_fault_that_stops_a_report(folder):
    lines = survey().to_csv(index=False).splitlines(keepends=True)
    (folder / "answers.csv").write_text("".join([*lines[:31], lines[0], *lines[31:]]), encoding="utf-8")
    (folder / "study.toml").write_text(
        'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"', encoding="utf-8"
    )
    checked, _ = passed(folder)
    assert "No problem found" in checked


def with_duplicates(n=100, share=0.03):
    frame = survey(n)
    return pd.concat([frame, frame.head(round(n * share))], ignore_index=True)


@WORDS
def test_three_percent_of_rows_doubled_without_an_id_are_told_and_kept(folder):
    with_duplicates().drop(columns="respondent").to_csv(folder / "answers.csv", index=False)
    study(folder)
    checked, page = passed(folder)
    assert "Warning: answers.csv: 3 of 103 rows repeat an earlier row in every column. They were kept" in checked
    assert "3 of 103 rows repeat an earlier row" in page
    assert table(folder, "ledger_both").set_index("step").loc["kept", "n"] == 103


@WORDS
def test_three_percent_of_rows_doubled_with_an_id_are_left_out_and_listed(folder):
    with_duplicates().to_csv(folder / "answers.csv", index=False)
    study(folder, more='respondent = "respondent"')
    checked, _ = passed(folder)
    assert checked.count("respondent seen before") == 3
    assert re.search(r"answers.csv\s+102\s+respondent\s+R000\s+respondent seen before", checked)
    ledger = table(folder, "ledger_both").set_index("step")["n"]
    assert (ledger["read"], ledger["duplicate"], ledger["kept"]) == (103, 3, 100)


@WORDS
def test_two_answers_in_one_cell_are_faults_with_their_own_words(folder):
    frame = survey()
    frame.loc[[4, 5, 6], "P_TAN1"] = ["5/6", "5,6", "5 6"]
    frame.to_csv(folder / "answers.csv", index=False)
    study(folder)
    checked, page = passed(folder)
    assert checked.count("two answers in one cell") == page.count("two answers in one cell") == 3


def test_a_store_of_two_respondents_is_not_shown(folder):
    frame = survey()
    frame["store"] = ["S1"] * 40 + ["S2"] * 18 + ["S3"] * 2
    frame.to_csv(folder / "answers.csv", index=False)
    study(folder, "[gaps]\nby = 'store'\n[stores]\n")
    _, page = passed(folder)
    assert "2 of 3 groups by store are not shown" in page
    rows = table(folder, "dimensions_by_store").set_index("store")
    assert rows.loc[["S2", "S3"], ["gap", "n", "p"]].isna().all(axis=None)
    assert rows.loc["S1", "n"].eq(40).all()
    assert (
        table(folder, "estimates_by_store")
        .set_index("store")
        .loc[["S2", "S3"], ["gap", "n", "shrunken"]]
        .isna()
        .all(axis=None)
    )


def test_answers_in_words_and_a_header_of_two_rows(folder):
    frame = survey().replace({"7": "非常同意", "1": "很不同意"})
    headings = [list(frame.columns), ["who", "where", *(f"question {k}" for k in range(frame.shape[1] - 2))]]
    rows = pd.DataFrame([*headings, *frame.to_numpy().tolist()])
    rows.to_csv(folder / "answers.csv", index=False, header=False)
    more = 'header_rows = 2\nrespondent = "respondent"\ncolumns = { P_TAN1 = "question 22" }\n'
    study(folder, more=more + 'value_labels = { "非常同意" = 7, "很不同意" = 1 }')
    checked, _ = passed(folder)
    assert "60 respondents of 60 rows kept." in checked
    assert load_study(folder).read().frame["P_TAN1"].max() <= 7


@WORDS
def test_one_line_per_answer(folder):
    frame = survey()
    long = frame.melt(id_vars=["respondent", "store"], var_name="question", value_name="score")
    long.to_csv(folder / "answers.csv", index=False)
    study(
        folder,
        more='respondent = "respondent"\nlayout = "long"\nitem = "question"\nanswer = "score"\nclusters = "store"',
    )
    checked, page = passed(folder)
    assert f"60 respondents of {len(long):,} lines kept." in checked
    assert f"lines read {len(long):,}" in page
    wide = survey()
    wide.to_csv(folder / "wide.csv", index=False)
    before = table(folder, "dimensions")
    study(folder, file="wide.csv", more='respondent = "respondent"\nclusters = "store"')
    passed(folder)
    pd.testing.assert_frame_equal(table(folder, "dimensions"), before)


def test_a_long_file_whose_column_is_misspelt_is_told_so(folder):
    survey().melt(id_vars=["respondent", "store"], var_name="question", value_name="score").to_csv(
        folder / "answers.csv", index=False
    )
    study(folder, more='respondent = "respondent"\nlayout = "long"\nitem = "questions"\nanswer = "score"')
    told = run("check", folder)
    assert told.exit_code == 1
    assert "no column 'questions'. Did you mean 'question'?" in told.stderr


# --- personal data -----------------------------------------------------------------------------------------

SECRETS = [PHONE, "138 0000 0000", "王小明", "someone@example.com", "8000 0000"]


def personal(folder, **more):
    """A survey with a phone number in a comment, in an answer, in an id; a name in a column of its own."""
    frame = survey()
    frame["comment"] = "fine"
    frame.loc[3, "comment"] = "请致电 138 0000 0000 或 someone@example.com"
    frame["姓名"] = "王小明"
    frame.loc[5, "P_TAN2"] = "138 0000 0000"
    frame["respondent"] = [f"{int(PHONE) + k}" for k in range(len(frame))]
    frame = pd.concat([frame, frame.head(1)], ignore_index=True)
    frame.to_csv(folder / "answers.csv", index=False, encoding=more.pop("encoding", "utf-8"))
    return study(folder, more='respondent = "respondent"\n' + more.pop("more", ""))


def seen(text):
    return [secret for secret in [*SECRETS, *(str(int(PHONE) + k) for k in range(60))] if secret in text]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_personal_data_are_counted_and_never_shown(folder, language):
    personal(folder)
    checked = run("check", folder, "--cells", str(folder.parent / "out" / "cells.csv"))
    told = run("report", folder, "--language", language)
    assert checked.exit_code == told.exit_code == 0, checked.output + told.output
    for words in (
        "comment: phone in 1 cell",
        "comment: e-mail in 1 cell",
        "姓名: name in 61 cells",
        "respondent: phone in 61 cells",
    ):
        assert words in checked.output
    assert "personal data, masked on reading" in checked.output
    assert "请致电" not in checked.output + written(folder)
    assert seen(checked.output + told.output + written(folder)) == []
    found = table(folder, "personal_data").set_index("column")
    assert found.loc["姓名", "cells"] == 61
    assert list(found.columns) == ["file", "kind", "cells", "done"], "no examples"
    assert ("phone number" if language == "en" else "电话号码") in set(found["kind"])
    faulty = table(folder, "faulty_cells").set_index("problem")
    assert "[phone]" in faulty["value"].tolist()
    assert faulty["value"].str.fullmatch("P0001").any(), "who repeats is told by a code"


def test_personal_data_that_are_kept_are_still_not_shown(folder):
    personal(folder, more='personal_data = "keep"')
    assert PHONE in load_study(folder).read().frame["respondent"].astype(str).tolist()[0]
    checked, told = run("check", folder), run("report", folder)
    assert checked.exit_code == told.exit_code == 0
    assert "personal data, kept as they are" in checked.output
    assert "姓名: name in 60 cells" in checked.output
    assert seen(checked.output + told.output + written(folder)) == []
    assert 'personal_data = "keep"' in page_text(folder)


def test_a_name_that_identifies_respondents_is_not_printed_even_if_it_is_kept(folder):
    frame = survey()
    frame["姓名"] = ["王小明", *(f"李{k}" for k in range(len(frame) - 1))]
    frame = pd.concat([frame, frame.head(1)], ignore_index=True)
    frame.drop(columns="respondent").to_csv(folder / "answers.csv", index=False)
    study(folder, more='respondent = "姓名"\npersonal_data = "keep"')
    checked, told = run("check", folder), run("report", folder)
    assert checked.exit_code == told.exit_code == 0
    assert "respondent seen before" in checked.output
    assert seen(checked.output + told.output + written(folder)) == []
    toml = folder / "study.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('faults = "set aside"', ""), encoding="utf-8")
    told = run("report", folder)
    assert told.exit_code == 1
    assert "respondent seen before" in told.output
    assert seen(told.output + (folder.parent / "out" / "faulty_cells.csv").read_text(encoding="utf-8-sig")) == []


def test_personal_data_are_not_printed_where_a_file_fails(folder):
    personal(folder, more='clusters = "shop"')
    told = run("check", folder)
    assert told.exit_code == 1
    assert "personal data, found (" in told.output
    assert seen(told.output) == []
    (folder / "study.toml").write_text(
        'instrument = "servqual-22"\n[responses]\nfile = "answers.csv"\nrespondent = "respondent"', encoding="utf-8"
    )
    told = run("report", folder)
    assert told.exit_code == 1
    assert seen(told.output + (folder.parent / "out" / "faulty_cells.csv").read_text(encoding="utf-8-sig")) == []


def test_the_example_of_guessed_letters_is_no_name(folder):
    frame = survey()
    frame["name"] = "王小明"
    frame.to_csv(folder / "answers.csv", index=False, encoding="gb18030")
    for more in ("", 'personal_data = "keep"', 'clusters = "shop"'):
        study(folder, more=more)
        told = run("check", folder)
        assert "read as GB18030" in told.output
        assert seen(told.output) == []


# --- whole or not at all -----------------------------------------------------------------------------------


def test_a_second_run_writes_the_same_workbook(folder, fits_kept):
    survey().to_csv(folder / "answers.csv", index=False)
    study(folder)
    passed(folder)
    out = folder.parent / "out"
    before = {path.name: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    fits_kept.clear()  # everything is computed again
    assert run("report", folder).exit_code == 0
    assert {path.name: path.read_bytes() for path in out.rglob("*.*") if path.is_file()} == before
    assert "tables.xlsx" in before
    assert not any("previous" in name for name in before)
    assert "tables.xlsx" in page_text(folder)


def test_nothing_is_written_where_the_workbook_fails(folder, monkeypatch):
    survey().to_csv(folder / "answers.csv", index=False)
    study(folder)

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("servqual.report.workbook.workbook_bytes", stopped)
    assert run("report", folder).exit_code == 130
    assert not (folder.parent / "out").exists()


def test_a_workbook_holds_every_table_of_the_report(folder):
    survey().to_csv(folder / "answers.csv", index=False)
    report = study(folder, "[gaps]\nby = 'store'\n").report()
    book = openpyxl.load_workbook(report.save(folder.parent / "x.xlsx"))
    tables = [block for section in report.sections for block in section.blocks if block.kind == "table"]
    assert len(book.sheetnames) == len(tables) + 1
