"""What goes to the field, and comes back to the analysis? Files of a plan, the design's lines, and the weights."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from servqual.planning.page import FOLDER, cities_named
from servqual.planning.planned import PlanResults
from servqual.planning.tables import STORE_WEIGHT, column, numbers
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.table import read_table
from survey_design.outputs import INDEX, replace_folder, write_whole
from survey_design.results import defused

if TYPE_CHECKING:
    from survey_design.questionnaire import Questionnaire

_LANGUAGES = ("en", "zh", "both")


def save(done: PlanResults, folder: Path) -> list[Path]:
    """Write page, workbook and folder; everything is made before anything is written."""
    from servqual.report.workbook import workbook_bytes

    report = done.report()
    page, workbook, files = report.to_html().encode("utf-8"), workbook_bytes(report), plan_files(done)
    place = replace_folder(folder / FOLDER, files)
    book = write_whole(folder / "plan.xlsx", workbook)
    return [write_whole(folder / "plan.html", page), book, *(place / name for name in files)]


def plan_files(done: PlanResults) -> dict[str, bytes]:
    """The files of the plan's folder and, last, the list of them."""
    report = done.report()
    listed = [(table.file, table.result.title(), table.computed_by) for table in report.tables()]
    files = {table.file: _csv(table.result.to_csv()) for table in report.tables()}
    if done.design is not None:
        files["design.toml"] = done.design_toml().encode("utf-8")
        listed.append(("design.toml", done.design.sentence(done.language), "servqual.planning.field.design_lines"))
    with tempfile.TemporaryDirectory() as scratch:
        for path, made_by in _papers(done, Path(scratch)):
            files[path.name] = path.read_bytes()
            listed.append((path.name, path.stem.replace("_", " "), made_by))
    index = pd.DataFrame(listed, columns=["file", "title", "computed_by"])
    files[INDEX] = _csv(defused(index).to_csv(index=False, lineterminator="\n"))
    return files


def _papers(done: PlanResults, folder: Path) -> list[tuple[Path, str]]:
    """Forms, tally sheets and guides, written to a folder of passage."""
    return [*_form_papers(done, folder), *_tally_papers(done, folder), *_guide_papers(done, folder)]


def _form_papers(done: PlanResults, folder: Path) -> list[tuple[Path, str]]:
    forms = {"": done.questionnaire, "expectation_": done.expectation_questionnaire}
    return [paper for name, form in forms.items() if form is not None for paper in _papers_of(form, name, folder)]


def _papers_of(form: Questionnaire, name: str, folder: Path) -> list[tuple[Path, str]]:
    """One form for tablets, and on paper in each of its languages."""
    from survey_design.forms import write_lists, write_word, write_xlsform
    from survey_design.forms.paper import long_lists

    written = [(write_xlsform(form, folder / f"{name}form.xlsx"), "survey_design.forms.write_xlsform")]
    papers = [*form.languages, *(["both"] if len(form.languages) > 1 else [])]
    for language in papers:
        path = write_word(form, folder / f"{name}questionnaire_{language}.docx", language=language)  # type: ignore[arg-type]
        written.append((path, "survey_design.forms.write_word"))
    if long_lists(form):
        path = write_lists(form, folder / f"{name}codes.docx", language=papers[-1])  # type: ignore[arg-type]
        written.append((path, "survey_design.forms.write_lists"))
    return written


def _tally_papers(done: PlanResults, folder: Path) -> list[tuple[Path, str]]:
    if done.tally is None:
        return []
    path = done.tally.write_word(folder / "tally_sheets.docx", language="both")
    return [(path, "survey_design.intercepts.tally_sheet")]


def _guide_papers(done: PlanResults, folder: Path) -> list[tuple[Path, str]]:
    from survey_design.forms.guide import write_guide

    if done.focus_groups is None:
        return []
    quotas = done.plan.sections["focus_groups"].get("quotas")
    paths = [
        write_guide(cities_named(done.focus_groups, done.labels["city"], language), folder / f"discussion_guide_{language}.docx", guide=done.guide, quotas=quotas,
                    language=language)  # type: ignore[arg-type]
        for language in _LANGUAGES
    ]  # fmt: skip
    return [(path, "survey_design.forms.guide.write_guide") for path in paths]


def _csv(text: str) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read Chinese."""
    return text.encode("utf-8-sig")


# --- back to the analysis ----------------------------------------------------------------------------------

_HEAD = """\
# Paste these lines under [perception] (or [responses]) of {file}.
# 将以下各行贴到 {file} 的 [perception]（或 [responses]）之下。
# The columns come from the plan / 各列由计划给出:
#   servqual weigh {file} EXPORT --out answers.csv
"""


def design_lines(done: PlanResults) -> str:
    """The design as lines of study.toml, with how the answers get the columns it names; empty without a design."""
    design = done.design
    if design is None:
        return ""
    values = {"strata": design.strata, "clusters": design.stages, "weight": design.weight,
              "population": design.population_columns, "selection": design.selection}  # fmt: skip
    lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value]
    return _HEAD.format(file=done.plan.file) + "\n".join(lines) + "\n"


def answer_lines(done: PlanResults, weighted: Any, file: str) -> str:
    """What study.toml says of a file of weighted answers: its name, its codes, its design."""
    frame = weighted if isinstance(weighted, pd.DataFrame) else weighted.frame
    lines = [f"file = {_toml(file)}"]
    if "respondent" in frame:
        lines.append('respondent = "respondent"')
    codes = [] if isinstance(weighted, pd.DataFrame) else list(weighted.dont_know)
    if codes:
        lines.append(
            f"dont_know = [{', '.join(code if str(code).lstrip('-').isdigit() else _toml(code) for code in map(str, codes))}]"
        )
    design = [line for line in design_lines(done).splitlines() if not line.startswith("#")]
    return "\n".join([*lines, *design]) + "\n"


def _toml(value: str | tuple[str, ...]) -> str:
    texts = [value] if isinstance(value, str) else list(value)
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def weighed(
    done: PlanResults, responses: pd.DataFrame, tallies: pd.DataFrame | None, target: str, options: Mapping[str, Any]
) -> pd.DataFrame:
    """The answers with the columns of the design; see :meth:`PlanResults.weigh`."""
    from survey_design.intercepts import intercept_weights
    from survey_design.intercepts.weights import Target

    check_choice("target", target, Target)
    if done.intercepts is not None:
        found = intercept_weights(responses, done.intercepts, tallies, target=target, language=done.language, **options)  # type: ignore[arg-type]
        return found.data()
    if done.stores is None:
        raise SpecError("the plan drew no stores, so there are no weights: add [plan.stores] or [plan.intercepts].")
    if tallies is not None or options or target != "visits":
        raise SpecError("tallies and customers belong to a plan of exit interviews: add [plan.intercepts].")
    return _by_store(done, responses)


def _by_store(done: PlanResults, responses: pd.DataFrame) -> pd.DataFrame:
    """Each interview stands for its share of the store's traffic, and the store for others of its stratum."""
    sample, store = done.stores, column(done.plan, "store")
    if sample is None or done.design is None:
        return responses
    check_columns([store], responses.columns, "the answers")
    drawn = sample.frame.assign(**{store: sample.frame[store].astype(str)}).set_index(store)
    asked = responses[store].astype(str)
    strange = ~asked.isin(drawn.index)
    if strange.any():
        rows = [int(row) + 2 for row in strange.to_numpy().nonzero()[0]]
        cases = pd.DataFrame({"file": "the answers", "row": rows, "column": store, "value": asked[strange].to_numpy(),
                              "problem": "store was not drawn"})  # fmt: skip
        raise DataError(f"{len(rows)} answers name stores that were not drawn ({', '.join(asked[strange].unique()[:5])}). "
                        "Correct the store, or leave these rows out and say so.", cases)  # fmt: skip
    size = done.plan.sections["stores"].get("size")
    stands_for = drawn[STORE_WEIGHT] * (1 if size is None else drawn[size])
    wanted = [name for name in done.design.column_names() if name not in (store, "weight") and name in drawn]
    found = responses.assign(**{name: asked.map(drawn[name]) for name in wanted})
    return found.assign(weight=asked.map(stands_for) / asked.map(asked.value_counts()))


def read_export(done: PlanResults, export: Path, *, faults: str = "raise") -> Any:
    """What came back of the plan's form; a plain table where the plan has none."""
    if done.questionnaire is None:
        return read_table(export)[0].apply(numbers)
    from survey_design.forms.filled import read_filled

    return read_filled(export, done.questionnaire, faults=faults, language=done.language)  # type: ignore[arg-type]


def read_tallies(path: Path) -> pd.DataFrame:
    """Filled tally sheets, as they were typed into a table."""
    return read_table(path)[0].apply(numbers)


def write_answers(done: PlanResults, weighted: Any, out: Path, *sources: Path) -> Path:
    """The weighted answers as CSV, whole or not at all; never over what they were made from."""
    if out.suffix != ".csv":
        raise SpecError(f"'{out}': answers are written as .csv. Name it {out.stem}.csv.")
    kept = [*sources, done.plan.folder / done.plan.file]
    kept += [asked["file"] for asked in done.plan.sections.values() if "file" in asked]
    if out.resolve() in {path.resolve() for path in kept}:
        raise SpecError(f"'{out}' is what the answers are made from, and is not written over. Give --out another name.")
    frame = weighted if isinstance(weighted, pd.DataFrame) else weighted.frame
    return write_whole(out, _csv(defused(frame).to_csv(index=False, lineterminator="\n")))
