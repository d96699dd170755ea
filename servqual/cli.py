"""The command line: make a study, plan it, check it, report on it.

Findings go to standard output, progress and problems to standard error. Exit codes: 0 fine, 1 the study has a
problem, 2 the command was not understood, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

import click
import pandas as pd

from servqual.settings import open_study
from servqual.study import Study, StudyCheck, StudyResults, load_study, new_study
from survey_design.errors import DataError, SpecError
from survey_design.results import defused

_CELLS = 20
_SAME = 5  # cells with the same words that are counted, and not listed one by one
_INTERRUPTED = 130


class StudyProblem(click.ClickException):
    """Something that the user can mend: said in words and cells, without a traceback. Exit code 1."""

    def __init__(self, message: str, cases: pd.DataFrame | None = None, listed_in: Path | None = None) -> None:
        from servqual.privacy import mask_text
        from servqual.report.listings import without_personal_data

        super().__init__(mask_text(message))
        self.cases = pd.DataFrame() if cases is None else without_personal_data(cases)
        self.listed_in = listed_in

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Problem: {self.message}", err=True)
        _show_cells(self.cases, self.listed_in)


class _Commands(click.Group):
    """Turns the toolkit's errors into messages, and Ctrl-C into exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (DataError, SpecError) as error:
            raise StudyProblem(str(error), getattr(error, "cases", None)) from error
        except BrokenPipeError:
            raise  # somebody who reads only the first lines: click ends quietly
        except OSError as error:
            raise StudyProblem(f"{error.strerror or error}: '{error.filename}'.") from error
        except KeyboardInterrupt:
            click.echo("Stopped. What was written before is whole.", err=True)
            ctx.exit(_INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="servqual", message="servqual %(version)s")
def cli() -> None:
    """Service-quality studies: from answers to a gap report with honest error.

    A study is a folder with a study.toml that names the questionnaire, the data files and how people were chosen.

    \b
    Examples:
      servqual new my-study                  make a study folder to start from
      servqual plan my-study --out build     how many, whom, where, when, and the forms: before the field
      servqual weigh my-study export.csv --out my-study/answers.csv   what came back, with the weights of the plan
      servqual form telecom-store --out forms   what inspectors fill in, for tablet and paper
      servqual check my-study                look for faults, write nothing
      servqual report my-study --out build   write build/report.html, build/tables.xlsx and build/tables
    """


@cli.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("build"), show_default=True,
              help="Folder for report.html, tables.xlsx and tables/*.csv.")  # fmt: skip
@click.option("--language", type=click.Choice(["en", "zh"]), help="Language of the report.  [default: the study's]")
def report(study: Path, out: Path, language: Any) -> None:
    """Score a study and write its report.

    STUDY is a study.toml or the folder that holds one. The report is one HTML file that needs nothing else; every
    table lies beside it with all digits, in one workbook and as CSV. Files appear whole or not at all; those before are
    kept as report.previous.html, tables.previous.xlsx and tables.previous.

    \b
    Examples:
      servqual report my-study
      servqual report my-study/study.toml --out build/zh --language zh
    """
    described = load_study(study)
    steps = 5 + len(described.by) + (described.stores is not None) + (described.inspection is not None)
    tell = _counter(steps)
    try:
        results = described.results(language, tell=tell)
    except DataError as error:
        cases = described.shown_cases(error.cases)
        raise StudyProblem(str(error) + _joining(study, described, cases), cases, _list_cells(cases, out)) from error
    tell("writing the report")
    page, workbook, tables = results.report().save_all(out)
    tell("done")
    click.echo(f"{page}\n{workbook}\n{out / 'tables'} ({len(tables)} files)")
    for line in _headlines(results):
        click.echo(line)


@cli.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("build"), show_default=True,
              help="Folder for plan.html, plan.xlsx and plan/*.")  # fmt: skip
@click.option("--language", type=click.Choice(["en", "zh"]), help="Language of the plan.  [default: the study's]")
def plan(study: Path, out: Path, language: Any) -> None:
    """Plan a study before the field: sizes, stores, timetable, focus groups and forms.

    STUDY is a study.toml, or the folder that holds one, with a [plan]; answers need not be there yet. What [plan] does
    not ask for is left out, and said. The plan is one HTML file; the folder plan holds every table, the lines that carry
    the design into study.toml, and what goes to the field: form.xlsx for KoboToolbox and ODK, questionnaires, tally
    sheets and discussion guides in Word. Everything appears whole or not at all; what was there before is kept as
    plan.previous.html, plan.previous.xlsx and plan.previous. The same seed gives the same bytes.

    \b
    Examples:
      servqual plan my-study
      servqual plan my-study --out build/zh --language zh
    """
    from servqual.planning import load_plan

    described = load_plan(study)
    tell = _counter(len(described.parts()) + 2)
    planned = described.results(language, tell=tell)
    tell("writing the plan and its forms")
    page, workbook, *files = planned.save_all(out)
    tell("done")
    click.echo(f"{page}\n{workbook}\n{out / 'plan'} ({len(files)} files)")
    for line in planned.headlines():
        click.echo(line)
    for warning in planned.warnings():
        click.echo(f"Warning: {warning}")


@cli.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.argument("export", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True,
              help="CSV file for the weighted answers.")  # fmt: skip
@click.option("--tallies", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Filled tally sheets: weights then make up for refusals, too.")  # fmt: skip
@click.option("--target", type=click.Choice(["visits", "customers"]), default="visits", show_default=True,
              help="For whom the answers stand.")  # fmt: skip
@click.option("--set-aside", is_flag=True, help="Leave out cells that can't be read, and count them.")
def weigh(study: Path, export: Path, out: Path, tallies: Path | None, target: str, set_aside: bool) -> None:
    """Give the answers that came back the weights and columns of the plan's design.

    STUDY is a study.toml, or the folder that holds one, with the [plan] the field followed. EXPORT is what
    KoboToolbox, ODK, Wenjuanxing, LimeSurvey or Qualtrics hands over of the plan's form; where [plan] has no forms, a
    table with the block or the store of every interview. The file written is ready to be named in study.toml; the lines for it are
    printed. It appears whole or not at all; one that was there before is kept as answers.previous.csv. EXPORT is only read.

    \b
    Examples:
      servqual weigh my-study export.csv --out my-study/answers.csv
      servqual weigh my-study export.xlsx --tallies tallies.csv --out my-study/answers.csv
    """
    from servqual.planning import plan_study
    from servqual.planning.field import answer_lines, read_export, read_tallies, write_answers

    tell = _counter(4)
    tell("planning the study again: the same seed, the same plan")
    planned = plan_study(study)
    tell("reading the answers")
    answers = read_export(planned, export, faults="set aside" if set_aside else "raise")
    counts = None if tallies is None else read_tallies(tallies)
    tell("weighting them")
    weighted = planned.weigh(answers, counts, target=target)
    path = write_answers(planned, weighted, out, export, *filter(None, [tallies]))
    tell("done")
    click.echo(path)
    if hasattr(answers, "sentence"):
        click.echo(answers.sentence(planned.language))
    click.echo(
        f"Lines for study.toml, under [perception] or [responses]:\n\n{answer_lines(planned, weighted, out.name)}"
    )


@cli.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--cells", type=click.Path(dir_okay=False, path_type=Path), help="Write all faulty cells to this CSV file."
)
@click.option("--language", type=click.Choice(["en", "zh"]),
              help="Language a report is to be written in, whose words are looked for.  [default: the study's]")  # fmt: skip
def check(study: Path, cells: Path | None, language: Any) -> None:
    """Look for everything that is wrong with a study; write nothing.

    All files are read to their end, so that one run shows all faulty cells; where a column is missing, the cells of
    that file are looked at once study.toml or the file names it right. Faulty cells that study.toml sets aside
    (faults = "set aside") are shown, and are no reason to fail; neither are warnings. Personal data are counted, and
    never shown. Before the field, when a study has a [plan] and no answers yet, the plan alone is checked, which is said.

    \b
    Examples:
      servqual check my-study
      servqual check my-study --cells faulty_cells.csv
    """
    missing = _before_the_field(study)
    if missing:
        _check_plan(study, missing)
        return
    described = load_study(study)
    found = described.check(language)
    found = replace(found, problems=(*found.problems, *_plan_problems(study)))
    if cells is not None and len(found.cases):
        _write_cells(found.cases, cells)
    for note in found.notes:
        click.echo(note)
    for warning in found.warnings:
        click.echo(f"Warning: {warning}")
    if not found.ok:
        raise StudyProblem(_all_problems(found) + _joining(study, described, found.cases), found.cases, cells)
    _show_cells(found.cases, cells, err=False)
    click.echo("No problem found: the study can be run.")


@cli.command()
@click.argument("checklist")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("build/forms"), show_default=True,
              help="Folder for the forms.")  # fmt: skip
@click.option("--excel", is_flag=True, help="Write the checklist as an Excel file, too, to be changed there.")
@click.option("--language", type=click.Choice(["en", "zh"]),
              help="Language of the Excel file's sheets and headings.  [default: the checklist's only one, else English]")  # fmt: skip
def form(checklist: str, out: Path, excel: bool, language: Any) -> None:
    """Write the form that mystery shoppers fill in: for the tablet, on paper, and the list of its variables.

    CHECKLIST is the name of a checklist that comes with the toolkit, or a file of your own (.toml or .xlsx). The XLSForm
    runs in KoboToolbox and ODK; the questionnaires are Word files in English, in Chinese, and in both; the list of variables is a
    CSV file. Where CHECKLIST names a scale of questions (servqual-22, or a .toml file with dimensions), its questionnaire is
    written in the same way. What comes back from the field is read without a mapping.

    \b
    Examples:
      servqual form telecom-store --out build/forms
      servqual form my-checklist.toml --out build/forms --excel --language zh
      servqual form servqual-22 --out build/forms
    """
    from servqual.instruments import available_instruments, load_instrument
    from servqual.mystery import load_checklist, write_checklist_workbook, write_shopper_forms

    if checklist in available_instruments() or _is_scale(checklist):
        if excel or language:
            option = "--excel writes checklists" if excel else "--language is that of checklists"
            raise SpecError(f"'{checklist}' is a scale of questions, and {option}. Leave it out.")
        from survey_design.forms import write_forms

        scale = load_instrument(checklist)
        paths = write_forms(scale.questionnaire(), out)
        said = f"{scale.name}: {len(scale.items)} items in {len(scale.dimensions)} dimensions."
    else:
        described = load_checklist(checklist)
        only = described.languages[0] if len(described.languages) == 1 else "en"
        described = described.in_language(language or only)
        paths, said = write_shopper_forms(described, out), described.sentence()
        if excel:
            paths = {**paths, "excel": write_checklist_workbook(described, out / f"{described.id}_checklist.xlsx")}
    for path in paths.values():
        click.echo(path)
    click.echo(said)


def _is_scale(name: str) -> bool:
    """True for a .toml file that describes dimensions and items of a scale, and no categories of a checklist."""
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        return False
    try:
        return "dimensions" in tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False  # load_checklist says what is wrong with it


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Make a study folder to start from: study.toml, a README and a few invented answers.

    It passes "servqual check" as it is. Nothing that exists is overwritten.

    \b
    Example:
      servqual new my-study
    """
    for path in new_study(folder):
        click.echo(path)
    click.echo(f"Next: {_invoked(sys.argv[0])} check {shlex.quote(str(folder))}", err=True)


def main() -> None:
    """The console entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without − or 中 shows a ?, not a traceback
    cli(prog_name="servqual")


def _invoked(program: str) -> str:
    """How this program was called, so that the line it suggests works as it stands.

    >>> _invoked("servqual"), _invoked("some place/.venv/bin/servqual")
    ('servqual', "'some place/.venv/bin/servqual'")
    """
    if Path(program).suffix == ".py":
        return "python -m servqual.cli"
    separated = any(mark and mark in program for mark in (os.sep, os.altsep))
    found = shutil.which("servqual") if separated else None
    on_path = found is not None and Path(program).is_absolute() and Path(found).resolve() == Path(program).resolve()
    return shlex.quote(program) if separated and not on_path else "servqual"


def _counter(steps: int) -> Callable[[str], None]:
    """Says which step of how many is under way."""
    done = 0

    def tell(what: str) -> None:
        nonlocal done
        done = min(done + 1, steps)
        click.echo(f"[{done}/{steps}] {what}", err=True)

    return tell


def _headlines(results: StudyResults) -> list[str]:
    """Three numbers: the total, the widest shortfall, the rows behind them."""
    kept, read = (sum(side.ledger.count(step) for side in results.responses.sides) for step in ("kept", "read"))
    rows = (
        f"{read} 行中保留 {kept} 行。"
        if results.language == "zh"
        else f"{kept:,} of {read:,} row{'s' * (read != 1)} kept."
    )
    return [*results.headlines(), rows]


def _before_the_field(study: Path) -> str:
    """What is not there yet of the answers of a study that has a [plan]; empty where some of them are."""
    content, _, folder = open_study(study)
    if "plan" not in content:
        return ""
    tables = [
        content[name] for name in ("responses", "expectation", "perception") if isinstance(content.get(name), dict)
    ]
    files = [str(table["file"]) for table in tables if table.get("file")]
    if not files or any((folder / file).exists() for file in files):
        return "" if files or tables else "study.toml names no file of answers"
    return f"{' and '.join(files)} {'is' if len(files) == 1 else 'are'} not in the study's folder"


def _check_plan(study: Path, missing: str) -> None:
    """Look for everything that is wrong with a plan; write nothing."""
    from servqual.planning import load_plan

    planned = load_plan(study).results()
    for warning in planned.warnings():
        click.echo(f"Warning: {warning}")
    click.echo(
        f"There are no answers yet ({missing}), so the plan alone was checked. No problem found: servqual plan can be run."
    )


def _plan_problems(study: Path) -> list[str]:
    """What is wrong with the [plan] as it is written, where the study has one."""
    from servqual.planning import load_plan

    if "plan" not in open_study(study)[0]:
        return []
    try:
        load_plan(study)
    except (DataError, SpecError) as error:
        return [str(error)]
    return []


def _joining(study: Path, described: Study, cases: pd.DataFrame) -> str:
    """How the columns of a planned design come to the answers that lack them; empty where nothing is lacking."""
    if "plan" not in open_study(study)[0] or not {"problem", "column"} <= set(cases.columns):
        return ""
    lacking = set(cases.loc[cases["problem"] == "missing column", "column"])
    if not lacking & {name for file in described.files for name in file.design.column_names()}:
        return ""
    return (
        " The study has a [plan], which gives these columns to the answers: servqual weigh "
        f"{shlex.quote(str(study))} EXPORT --out FILE; in Python, plan_study({str(study)!r}).weigh(answers)."
    )


def _all_problems(found: StudyCheck) -> str:
    return "\n         ".join(found.problems)


def _show_cells(cases: pd.DataFrame, listed_in: Path | None, *, err: bool = True) -> None:
    if cases.empty:
        return
    words, rest = _same_words(cases)
    for line in words:
        click.echo(line, err=err)
    if len(rest):
        click.echo(rest.head(_CELLS).fillna("").to_string(index=False), err=err)
    if len(rest) > _CELLS:
        click.echo(f"… the first {_CELLS} of {len(rest):,} {'other ' if words else ''}faulty cells", err=err)
    if listed_in is not None:
        click.echo(f"All of them: {listed_in}", err=err)


def _same_words(cases: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """Words that stand in many cells where numbers should be, each once; and the faulty cells without these."""
    if not {"value", "column", "row", "problem"} <= set(cases.columns):
        return [], cases
    texts = cases[cases["problem"] == "not a number"].groupby("value", sort=False)
    counts = texts.agg(cells=("column", "size"), columns=("column", "nunique"), first=("row", "first"))
    many = counts[counts["cells"] >= _SAME].nlargest(_CELLS, "cells")
    said = [
        f"'{value}' stands in {cells:,} cells of {columns} column{'s' if columns > 1 else ''}, first in row {row}: "
        "if it is an answer, give it a number in value_labels"
        for value, cells, columns, row in many.itertuples()
    ]
    return said, cases[~((cases["problem"] == "not a number") & cases["value"].isin(many.index))]


def _list_cells(cases: pd.DataFrame, out: Path) -> Path | None:
    """Writes the faulty cells beside where the report would have been."""
    return None if cases.empty else _write_cells(cases, out / "faulty_cells.csv")


def _write_cells(cases: pd.DataFrame, path: Path) -> Path:
    from servqual.report.listings import without_personal_data
    from survey_design.outputs import write_whole

    text = defused(without_personal_data(cases)).to_csv(index=False, lineterminator="\n")
    return write_whole(path, text.encode("utf-8-sig"), keep_previous=False)


if __name__ == "__main__":
    main()
