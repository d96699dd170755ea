"""Notebooks are committed as they run: executed in order, without errors, defining nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    import nbformat  # takes seconds: not where every worker collects the tests

    return request.param, nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert {
        "00_quickstart",
        "01_how_many_respondents",
        "02_who_and_where",
        "04_what_do_we_ask",
        "05_what_came_back",
        "06_is_the_scale_sound",
        "07_where_are_the_gaps",
        "08_what_did_the_shoppers_see",
    } <= {path.stem for path in NOTEBOOKS}


def test_defines_nothing(notebook):
    _, content = notebook
    for cell in code_cells(content):
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda}


def test_is_committed_executed_in_order(notebook):
    _, content = notebook
    cells = code_cells(content)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(output.output_type != "error" for cell in cells for output in cell.outputs)
    assert cells[-1].outputs, "the last cell answers the title's question"


def test_runs_and_shows_the_same_tables(notebook):
    from nbclient import NotebookClient

    path, content = notebook
    before = [text_of(cell) for cell in code_cells(content)]
    client = NotebookClient(content, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    assert [text_of(cell) for cell in code_cells(content)] == before, f"{path.name}: run it again and commit it"


def text_of(cell):
    """What a cell shows as text (pictures are left to tests/test_plots.py)."""
    return [output.data.get("text/plain") for output in cell.outputs if output.output_type == "execute_result"]
