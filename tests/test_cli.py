"""The command line: what it says where, what it leaves behind, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import servqual.cli
import servqual.study_file
from servqual.cli import cli
from servqual.study import new_study

PROGRAM = [sys.executable, "-m", "servqual.cli"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli, words)


@pytest.fixture
def study(tmp_path):
    new_study(tmp_path / "my")
    return tmp_path / "my"


def spoil(study, column="P_EMP5", n=12, words=('=HYPERLINK("x")',)):
    path = study / "answers.csv"
    frame = pd.read_csv(path, dtype=str)
    frame.loc[: n - 1, column] = [words[k % len(words)] for k in range(n)]
    frame.to_csv(path, index=False)


def test_new_check_report(run, tmp_path):
    made = run("new", "my")
    assert made.exit_code == 0
    assert made.stdout.split() == ["my/study.toml", "my/README.md", "my/answers.csv"]
    assert run("check", "my").exit_code == 0
    told = run("report", "my")
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0] == "build/report.html"
    assert lines[1] == "build/tables.xlsx"
    assert lines[2].startswith("build/tables (")
    assert len(lines) == 6, "three paths and three headline numbers"
    assert "95% CI" in lines[3]
    assert lines[5] == "12 of 12 rows kept."
    assert (tmp_path / "build" / "report.html").is_file()
    assert (tmp_path / "build" / "tables" / "dimensions.csv").is_file()


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("servqual", "servqual"),
        (".venv/bin/servqual", ".venv/bin/servqual"),
        ("my tools/servqual", "'my tools/servqual'"),
        ("/somewhere/servqual/cli.py", "python -m servqual.cli"),
    ],
)
def test_the_next_command_is_called_as_this_one_was(run, monkeypatch, called, said):
    monkeypatch.setattr(sys, "argv", [called])
    assert run("new", "my study").stderr == f"Next: {said} check 'my study'\n"
    for name in ("README.md", "study.toml"):
        assert ".venv/bin/servqual" in Path("my study", name).read_text(encoding="utf-8")


def test_a_program_on_the_path_is_called_by_its_name(monkeypatch, tmp_path):
    program = tmp_path / "servqual"
    monkeypatch.setattr(servqual.cli.shutil, "which", lambda _: str(program))
    assert servqual.cli._invoked(str(program)) == "servqual"


def test_no_interval_without_width_is_a_finding(run, study):
    path = study / "answers.csv"
    frame = pd.read_csv(path)
    frame.loc[:, frame.columns.str.startswith("E_")], frame.loc[:, frame.columns.str.startswith("P_")] = 6, 5
    frame.to_csv(path, index=False)
    checked, told = run("check", "my"), run("report", "my")
    assert checked.exit_code == told.exit_code == 0
    assert "Warning: answers.csv: everyone gave the same answers" in checked.stdout
    assert "CI" not in told.stdout
    assert told.stdout.count("the gap of −1.00 points cannot be tested (all answers are the same") == 2


def test_stages_are_told_on_standard_error(run, study):
    told = run("report", "my")
    steps = [line.split("]")[0] for line in told.stderr.splitlines()]
    assert steps == [f"[{k}/5" for k in range(1, 6)]


def test_report_in_chinese_elsewhere(run, study, tmp_path):
    told = run("report", "my/study.toml", "--out", "other/place", "--language", "zh")
    assert told.exit_code == 0
    assert "other/place/report.html" in told.stdout
    assert "置信区间" in told.stdout
    page = (tmp_path / "other" / "place" / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in page
    assert "我的服务质量研究" in page


def test_two_runs_write_the_same_bytes(run, study, tmp_path):
    for place in ("a", "b"):
        assert run("report", "my", "--out", place).exit_code == 0
    files = {place: {path.name: path.read_bytes() for path in (tmp_path / place).rglob("*.*")} for place in "ab"}
    assert files["a"] == files["b"]


def test_faulty_cells_end_a_report_with_their_list(run, study, tmp_path):
    for column in ("P_EMP4", "P_EMP5"):
        spoil(study, column)
    told = run("report", "my")
    assert told.exit_code == 1
    assert """'=HYPERLINK("x")' stands in 24 cells of 2 columns, first in row 2: if it is an answer""" in told.stderr
    assert "All of them: build/faulty_cells.csv" in told.stderr
    assert "Traceback" not in told.stderr
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["faulty_cells.csv"]
    cells = pd.read_csv(tmp_path / "build" / "faulty_cells.csv")
    assert len(cells) == 24
    assert set(cells["value"]) == {'\'=HYPERLINK("x")'}


def test_the_first_twenty_faulty_cells_are_listed(run, study):
    for column in ("P_EMP4", "P_EMP5"):
        spoil(study, column, words=[f"word{k:02d}" for k in range(12)])
    told = run("report", "my")
    assert told.stderr.count("word") == 20
    assert "the first 20 of 24 faulty cells" in told.stderr


def test_check_fails_with_cells_and_writes_only_when_asked(run, study, tmp_path):
    spoil(study, n=2)
    told = run("check", "my")
    assert told.exit_code == 1
    assert "answers.csv: 2 faulty cells" in told.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my"]
    told = run("check", "my", "--cells", "cells.csv")
    assert told.exit_code == 1
    assert "All of them: cells.csv" in told.stderr
    assert len(pd.read_csv(tmp_path / "cells.csv")) == 2


def test_check_shows_what_is_set_aside_and_passes(run, study):
    spoil(study, n=2)
    toml = study / "study.toml"
    toml.write_text(
        toml.read_text(encoding="utf-8").replace('faults = "raise"', 'faults = "set aside"'), encoding="utf-8"
    )
    told = run("check", "my")
    assert told.exit_code == 0
    assert "2 faulty cells set aside" in told.stdout
    assert "No problem found" in told.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "nowhere"], "there is no study 'nowhere'"),
        (["check", "."], "has no study.toml"),
        (["new", "my"], "nothing was written"),
    ],
)
def test_problems_are_said_without_traceback(run, study, words, said):
    told = run(*words)
    assert told.exit_code == 1
    assert told.stderr.startswith("Problem: ")
    assert said in told.stderr
    assert told.stdout == ""


def test_a_place_that_cannot_be_written_is_a_problem_not_a_traceback(run, study, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    told = run("report", "my", "--out", "taken/build")
    assert told.exit_code == 1
    assert "taken" in told.stderr
    assert "Traceback" not in told.stderr


def test_tables_of_somebody_else_stay(run, study, tmp_path):
    (tmp_path / "build" / "tables").mkdir(parents=True)
    (tmp_path / "build" / "tables" / "mine.csv").write_text("1", encoding="utf-8")
    told = run("report", "my")
    assert told.exit_code == 1
    assert "mine.csv" in told.stderr
    assert not (tmp_path / "build" / "report.html").exists()


@pytest.mark.parametrize("words", [["report"], ["report", "my", "--language", "de"], ["print"], ["check", "my", "--x"]])
def test_words_that_are_not_understood_end_with_2(run, study, words):
    assert run(*words).exit_code == 2


def test_stopping_ends_with_130(run, study, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(servqual.study_file, "read_responses", stopped)
    told = run("report", "my")
    assert told.exit_code == 130
    assert told.stderr.splitlines()[-1].startswith("Stopped.")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_half_report(study, tmp_path, blow):
    slow = (
        "import os, signal, time, survey_design.outputs as files, servqual.cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it otherwise
        "def write(path, content):\n"
        "    path.write_bytes(content[: len(content) // 2])\n"
        "    if path.name.startswith('.report.html'):\n"
        "        print('writing', flush=True)\n"
        "        time.sleep(60)\n"
        "files._write = write\n"
        "servqual.cli.main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", slow, "report", "my"], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(Path.cwd())})  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(blow)
    try:
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == (130 if blow == signal.SIGINT else -blow)
    assert not (tmp_path / "build" / "report.html").exists()


def test_help_has_examples_and_version_is_the_packages(run):
    for words in (["--help"], ["report", "-h"], ["check", "--help"], ["new", "--help"]):
        told = run(*words)
        assert told.exit_code == 0
        assert "Example" in told.stdout
        assert "servqual " in told.stdout
    assert run("--version").stdout == f"servqual {servqual.__version__}\n"


def test_help_imports_nothing_slow():
    code = "import sys, servqual.cli, servqual.report; print([m for m in sys.argv[1:] if m in sys.modules])"
    slow = ["matplotlib", "jinja2", "statsmodels", "seaborn", "sklearn"]
    told = subprocess.run([sys.executable, "-c", code, *slow], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_narrow_terminal_gets_question_marks_not_a_traceback(study, tmp_path):
    narrow = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "PYTHONPATH": str(Path.cwd())}
    told = subprocess.run([*PROGRAM, "report", "my", "--language", "zh"], cwd=tmp_path, env=narrow, capture_output=True)
    assert told.returncode == 0
    assert b"?" in told.stdout


# --- forms -------------------------------------------------------------------------------------------------


def test_form_writes_what_inspectors_fill_in(run, tmp_path):
    told = run("form", "home-installation", "--out", "forms", "--excel")
    assert told.exit_code == 0, told.output
    *paths, sentence = told.stdout.splitlines()
    assert all((tmp_path / path).is_file() for path in paths)
    assert {Path(path).suffix for path in paths} == {".xlsx", ".docx", ".csv"}
    assert any(path.endswith("_checklist.xlsx") for path in paths)
    assert sentence.startswith("Home installation")


def test_a_checklist_that_was_changed_in_excel_makes_a_form_again(run):
    assert run("form", "home-installation", "--out", "one", "--excel").exit_code == 0
    again = run("form", "one/home-installation_checklist.xlsx", "--out", "two")
    assert again.exit_code == 0, again.output
    assert Path("two/home-installation.xlsx").is_file()


def test_a_checklist_in_one_language_makes_a_workbook_in_it(run):
    import openpyxl

    assert run("form", "home-installation", "--out", "one", "--excel", "--language", "zh").exit_code == 0
    book = openpyxl.load_workbook("one/home-installation_checklist.xlsx")
    assert book.sheetnames == ["检查表", "指标", "检查项"]
    head = {row[0].value: row for row in book["检查表"].iter_rows()}
    head["语言"][1].value = "zh"
    book.save("only.xlsx")
    told = run("form", "only.xlsx", "--out", "two", "--excel")
    assert told.exit_code == 0, told.output
    again = openpyxl.load_workbook("two/home-installation_checklist.xlsx")
    assert again.sheetnames == ["检查表", "指标", "检查项"]
    assert again["检查项"]["A1"].value == "检查项编号"
    assert "类别" in told.stdout.splitlines()[-1]
    refused = run("form", "servperf-22", "--language", "zh")
    assert "--language is that of checklists" in refused.stderr


def test_form_writes_the_questionnaire_of_a_scale(run):
    told = run("form", "servperf-22", "--out", "forms")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[-1] == "servperf-22: 22 items in 5 dimensions."
    refused = run("form", "servperf-22", "--excel")
    assert refused.exit_code == 1
    assert "--excel writes checklists" in refused.stderr


def test_a_form_of_nothing_says_what_there_is(run):
    told = run("form", "telekom")
    assert told.exit_code == 1
    assert "Shipped: home-installation, telecom-store" in told.stderr
    helped = run("form", "--help")
    assert "servqual form telecom-store --out build/forms" in helped.stdout
