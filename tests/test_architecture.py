"""The house keeps its shape: which module may know which, what importing costs, what is public, what may be committed.

The tables below are decisions. A new module or a new arrow is one too: add it here, with open eyes.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("survey_design", "servqual")

# Each chapter may know those before it. `plots` and `simulate` stand aside; what plans a study may simulate it.
ORDER = (
    *("privacy", "instruments", "answers", "layouts"),
    *(
        "responses",
        "moments",
        "pulled",
        "pulled_pairs",
        "streams",
        "inference",
        "replicates",
        "explained",
        "regression",
    ),
    *("measures", "tabulation", "counts", "polychorics", "correlations", "crosstabs"),
    *("proportions", "agreement", "focus", "dependability", "remarks", "shares", "distributions", "difference_scores"),
    *("factors", "factor_count", "psychometrics", "cfa", "invariance", "levels", "validity", "comparability"),
    *("gaps", "comparison"),
    *("tolerance", "disconfirmation", "criterion", "careless", "stores", "drivers", "disclosure"),
    *("complaints", "listening"),
    *("mystery", "simulate_visits", "simulate_sources", "store_agreement", "index_weights"),
    *("benchmark", "moves", "best_stores", "angles"),
    *("diagnosis", "priorities"),
    *("factor_size", "power"),
    *("report", "settings", "customers", "inspections", "voices", "causes", "decisions"),
    *("study_file", "study", "planning", "cli"),
)
SIMULATING = {"power", "planning", "simulate_visits", "simulate_sources"}

# What a module of servqual imports when it is itself imported.
LOADS = {
    "instruments": set(),
    "answers": {"instruments"},
    "layouts": {"answers", "instruments"},
    "responses": {"answers", "instruments", "layouts"},
    "moments": set(),
    "pulled": {"moments"},
    "pulled_pairs": set(),
    "inference": {"moments"},
    "replicates": {"moments", "inference"},
    "streams": {"answers", "instruments", "moments", "responses"},
    "explained": {"inference"},
    "counts": {"moments", "inference", "replicates", "responses", "tabulation"},
    "regression": {"moments", "inference", "replicates"},
    "crosstabs": {"moments", "inference", "counts", "regression"},
    "polychorics": {"inference", "moments"},
    "correlations": {"instruments", "moments", "polychorics", "responses"},
    "factors": {"correlations", "inference", "moments", "responses"},
    "factor_count": {"correlations", "factors", "responses"},
    "psychometrics": {
        *("responses", "moments", "inference", "explained", "measures", "tabulation", "counts"),
        *("polychorics", "correlations", "remarks", "difference_scores"),
    },
    "cfa": {"correlations", "moments", "responses"},
    "invariance": {"cfa", "correlations", "moments", "responses"},
    "comparability": {"cfa", "correlations", "invariance", "moments", "responses"},
    "levels": {
        *("responses", "moments", "inference", "measures", "correlations", "remarks"),
        *("psychometrics", "cfa"),
    },
    "validity": {"cfa", "correlations", "factor_count", "psychometrics", "responses"},
    "privacy": set(),
    "disclosure": set(),
    "measures": {"instruments", "responses", "moments", "inference"},
    "proportions": {"inference"},
    "shares": {"instruments", "responses", "inference", "measures", "moments", "proportions", "remarks", "tabulation"},
    "difference_scores": {"instruments", "responses", "inference", "measures"},
    "tabulation": {"inference", "instruments", "measures", "responses"},
    "remarks": {"responses", "inference", "measures", "replicates"},
    "gaps": {
        "instruments",
        "responses",
        "moments",
        "inference",
        "measures",
        "tabulation",
        "remarks",
        "difference_scores",
    },
    "comparison": {"instruments", "inference", "measures", "remarks", "tabulation", "gaps"},
    "tolerance": {"instruments", "responses", "moments", "inference", "measures", "tabulation", "remarks"},
    "criterion": {
        "disconfirmation",
        "explained",
        "inference",
        "instruments",
        "measures",
        "remarks",
        "responses",
        "tabulation",
    },
    "disconfirmation": {
        "moments",
        "instruments",
        "responses",
        "inference",
        "measures",
        "tabulation",
        "remarks",
    },
    "careless": {"responses"},
    "agreement": {"inference", "proportions"},
    "focus": {
        *("agreement", "answers", "inference", "instruments", "privacy", "proportions", "responses", "tabulation"),
    },
    "dependability": {"inference", "regression"},
    "mystery": {"answers", "inference", "moments", "proportions", "responses", "shares", "stores", "tabulation"},
    "stores": {"gaps", "inference", "instruments", "measures", "moments", "remarks", "responses", "tabulation"},
    "drivers": {
        *("responses", "moments", "inference", "replicates", "explained", "measures", "tabulation", "proportions"),
        *("remarks", "shares", "stores", "pulled"),
    },
    "distributions": {"inference", "instruments", "measures", "responses", "tabulation"},
    "plots": {"inference", "measures"},
    "complaints": {
        *("answers", "focus", "inference", "instruments", "moments", "privacy", "proportions", "responses", "shares"),
        "tabulation",
    },
    "listening": {"agreement", "answers", "inference", "pulled", "tabulation"},
    "diagnosis": {
        *("agreement", "answers", "focus", "gaps", "inference", "instruments", "measures", "moments", "mystery"),
        *("remarks", "responses", "shares", "store_agreement", "tabulation"),
    },
    "priorities": {
        *("answers", "drivers", "explained", "index_weights", "inference", "instruments", "measures", "moments"),
        *("remarks", "replicates", "responses", "stores", "tabulation"),
    },
    "report": {"inference", "responses"},
    "settings": set(),
    "customers": {"responses"},
    "voices": {"customers", "instruments", "responses", "settings"},
    "causes": {"customers", "instruments", "responses", "settings"},
    "decisions": {"customers", "instruments", "settings"},
    "study_file": {"instruments", "layouts", "responses", "inference", "measures", "settings"},
    "study": {"customers", "instruments", "responses", "measures", "settings", "study_file"},
    "cli": {"settings", "study"},
    "simulate": {"instruments"},
    "factor_size": {"moments", "proportions"},
    "simulate_visits": {"instruments", "mystery", "simulate"},
    "simulate_sources": {"instruments", "simulate", "simulate_visits"},
    "store_agreement": {"explained", "gaps", "inference", "moments", "pulled_pairs", "responses", "stores"},
    "index_weights": {"agreement", "explained", "inference", "store_agreement", "stores", "tabulation"},
    "benchmark": {"inference", "moments", "mystery", "proportions", "shares", "stores", "tabulation"},
    "moves": {"benchmark", "inference", "mystery", "tabulation"},
    "best_stores": {"inference", "mystery", "stores"},
    "angles": {"gaps", "inference", "moments", "mystery", "responses"},
    "inspections": {"mystery", "responses", "settings"},
    "power": {"instruments", "responses", "moments", "inference", "measures", "proportions", "gaps", "simulate"},
    "planning": {"instruments", "settings", "report"},
}

# What it fetches only when a function that needs it is called.
FETCHES = {
    "responses": {"privacy"},
    "correlations": {"plots"},
    "factors": {"plots"},
    "factor_count": {"plots"},
    "psychometrics": {"factors"},
    "cfa": {"plots"},
    "invariance": {"plots"},
    "levels": {"plots"},
    "validity": {"plots"},
    "gaps": {"plots"},
    "comparison": {"plots"},
    "tolerance": {"plots"},
    "distributions": {"plots"},
    "stores": {"plots"},
    "dependability": {"plots"},
    "mystery": {"privacy", "plots"},
    "store_agreement": {"plots"},
    "index_weights": {"factors", "factor_count", "plots"},
    "benchmark": {"plots"},
    "best_stores": {"plots"},
    "angles": {"plots"},
    "drivers": {"plots"},
    "focus": {"plots"},
    "complaints": {"plots"},
    "listening": {"plots"},
    "diagnosis": {"plots"},
    "priorities": {"plots"},
    "customers": {"inference"},
    "voices": {"focus", "gaps", "index_weights", "listening"},
    "causes": {"complaints", "diagnosis", "focus"},
    "decisions": {"drivers", "priorities"},
    "inspections": {
        *("agreement", "dependability", "store_agreement", "index_weights", "benchmark", "moves", "best_stores"),
        "angles",
    },
    "factor_size": {"plots"},
    "power": {"plots"},
    "report": {
        *("privacy", "measures", "shares", "remarks", "distributions", "gaps", "criterion", "careless"),
        *("disclosure", "store_agreement", "drivers", "priorities", "plots"),
    },
    "study_file": {
        *("privacy", "gaps", "correlations", "cfa", "validity", "report"),
        *("inspections", "voices", "causes", "decisions"),
    },
    "study": {
        *("gaps", "comparison", "tolerance", "stores", "report"),
        *("validity", "comparability", "inspections"),
    },
    "planning": {"study_file", "plots"},
    "cli": {"privacy", "instruments", "mystery", "report", "planning"},
}

# The same for survey_design, whose modules are all light. Each knows those above it; `plots` stands aside.
DESIGN_LOADS = {
    "faces": set(),
    "errors": set(),
    "results": {"errors"},
    "files": {"errors", "results"},
    "outputs": {"errors"},
    "size": {"errors", "results"},
    "sampling": {"errors", "results"},
    "calibration": {"errors", "results", "sampling"},
    "focus_groups": {"errors", "results"},
    "questionnaire": {"errors", "results"},
    "exit_interview": {"questionnaire", "results"},
    "forms": {"errors", "files", "focus_groups", "outputs", "questionnaire", "results"},
    "intercepts": {"errors", "results", "sampling"},
    "visits": {"errors", "results", "intercepts"},
    "plots": {"errors", "results", "sampling", "focus_groups"},
}
DESIGN_FETCHES = {
    "size": {"plots"},
    "sampling": {"plots"},
    "calibration": {"plots"},
    "focus_groups": {"plots"},
    "intercepts": {"forms", "plots"},
    "visits": {"files", "plots"},
}

# The only doors to packages that are heavy or optional.
DOORS = {
    "matplotlib": {"plots"},
    "seaborn": {"plots"},
    "pylopdf_fonts_zh_cn": {"plots"},
    "jinja2": {"report"},
    "xlsxwriter": {"report"},
    "markupsafe": {"report"},
    "python_calamine": {"files"},
    "click": {"cli"},
    "pyarrow": {"moments", "streams", "files"},
    "pyreadstat": {"files"},
    "openpyxl": {"forms", "mystery"},
    "pyxform": {"forms"},
    "docx": {"forms"},
    "threadpoolctl": {"moments"},
    "rjieba": {"focus"},
}
NEVER = {"statsmodels", "pingouin", "factor_analyzer", "sklearn", "IPython"}  # for comparison, not for computing
HEAVY = ["matplotlib", "seaborn", "statsmodels", "pingouin", "sklearn", "jinja2"]
STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


class Import(NamedTuple):
    """One imported module: who, whom, where, and when (on import, on call, or for type checkers only)."""

    module: str
    target: str
    place: str
    when: str


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> list[Import]:
    found: list[Import] = []
    name = module_name(path)

    def walk(node: ast.AST, when: str) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            when = "on call"
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                walk(child, "for types")
            for child in node.orelse:
                walk(child, when)
            return
        targets = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
            stem = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (stem, node.module or "") if part)
            submodules = [f"{base}.{alias.name}" for alias in node.names if is_module(f"{base}.{alias.name}")]
            targets = submodules or [base]
        found.extend(Import(name, target, f"{path.relative_to(ROOT)}:{node.lineno}", when) for target in targets)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, STATEMENTS):  # no import stands inside an expression
                walk(child, when)

    walk(tree_of(path), "on import")
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@cache
def imports() -> list[Import]:
    """Of both packages; read when the first test asks, not by every worker that collects the tests."""
    return [each for package in PACKAGES for path in sources(package) for each in imports_of(path)]


def chapter(name: str) -> str:
    """``servqual.report.html`` -> ``report``; the package itself -> ``""``."""
    return [*name.split("."), ""][1]


def outside_table(package: str, when: str, table: dict[str, set[str]]) -> list[str]:
    """Imports between chapters of a package that a table does not allow."""
    arrows = [i for i in imports() if i.when == when and i.module.split(".")[0] == i.target.split(".")[0] == package]
    return [
        f"{i.place}: {chapter(i.module)} -> {chapter(i.target) or package + ' itself'}"
        for i in arrows
        if chapter(i.module)  # the package's face may show all of it; a test below says what it must not load
        and chapter(i.module) != chapter(i.target)
        and chapter(i.target) not in table.get(chapter(i.module), set())
    ]


# --- arrows ------------------------------------------------------------------------------------------------


def test_the_imports_were_found():
    assert {i.when for i in imports()} == {"on import", "on call", "for types"}
    assert any((chapter(i.module), chapter(i.target)) == ("gaps", "measures") for i in imports())
    assert any((chapter(i.module), chapter(i.target), i.when) == ("gaps", "plots", "on call") for i in imports())


def test_survey_design_knows_nothing_of_servqual():
    assert [
        i.place for i in imports() if i.module.startswith("survey_design") and i.target.startswith("servqual")
    ] == []


def test_every_module_has_a_line_in_the_table():
    assert {chapter(module_name(path)) for path in sources("servqual")} - {""} <= set(LOADS)
    assert {chapter(module_name(path)) for path in sources("survey_design")} - {""} <= set(DESIGN_LOADS)


def test_modules_import_only_what_the_table_allows():
    assert outside_table("servqual", "on import", LOADS) == []
    assert outside_table("survey_design", "on import", DESIGN_LOADS) == []


def test_functions_fetch_only_what_the_table_allows():
    both = {name: LOADS[name] | FETCHES.get(name, set()) for name in LOADS}
    assert outside_table("servqual", "on call", both) == []
    design = {name: DESIGN_LOADS[name] | DESIGN_FETCHES.get(name, set()) for name in DESIGN_LOADS}
    assert outside_table("survey_design", "on call", design) == []


def test_the_table_itself_follows_the_order():
    for name, known in LOADS.items():
        later = ORDER[ORDER.index(name) :] if name in ORDER else ()
        assert not known & {*later, "plots", *simulation_unless_planning(name)}, f"{name} looks ahead"
    for name, known in FETCHES.items():
        later = ORDER[ORDER.index(name) :]
        assert not known & {*later, *simulation_unless_planning(name)}, f"{name} looks ahead"
    assert set(LOADS) == {*ORDER, "plots", "simulate"}


def simulation_unless_planning(name: str) -> set[str]:
    return set() if name in SIMULATING else {"simulate"}


def test_the_table_of_survey_design_follows_its_own_order():
    order = [name for name in DESIGN_LOADS if name != "plots"]
    for name in order:
        earlier = {*order[: order.index(name)]}
        assert DESIGN_LOADS[name] <= earlier, f"{name} looks ahead"
        assert DESIGN_FETCHES.get(name, set()) <= {*earlier, "plots"}, f"{name} looks ahead"


def test_plots_are_reached_only_when_something_is_drawn():
    reached = [i for i in imports() if chapter(i.target) == "plots" and chapter(i.module) != "plots"]
    assert [i.place for i in reached if i.when == "on import"] == []
    fetching = {name for table in (FETCHES, DESIGN_FETCHES) for name, known in table.items() if "plots" in known}
    assert {chapter(i.module) for i in reached} <= fetching


def test_simulation_knows_no_analysis_and_only_plans_rest_on_it():
    assert {chapter(i.target) for i in imports() if chapter(i.module) == "simulate" and "servqual" in i.target} <= {
        "instruments"
    }
    assert {chapter(i.module) for i in imports() if chapter(i.target) == "simulate"} <= SIMULATING


@pytest.mark.parametrize("package", DOORS)
def test_heavy_and_optional_packages_have_one_door(package):
    users = [i for i in imports() if i.target.split(".")[0] == package and i.when != "for types"]
    assert [i.place for i in users if chapter(i.module) not in DOORS[package]] == []
    late = {"plots", "cli"}  # themselves imported only when needed
    assert [i.place for i in users if i.when == "on import" and chapter(i.module) not in late] == []


def test_packages_for_comparison_compute_nothing_here():
    assert [i.place for i in imports() if i.target.split(".")[0] in NEVER] == []


def test_every_other_import_is_a_declared_dependency():
    declared = {"numpy", "pandas", "scipy", *DOORS, *PACKAGES, *sys.stdlib_module_names}
    assert [f"{i.place} {i.target}" for i in imports() if i.target.split(".")[0] not in declared] == []


def test_nothing_is_imported_behind_the_readers_back():
    hidden = re.compile(r"\b(?:__import__|import_module)\b|\bfrom \S+ import \*")
    for package in PACKAGES:
        for path in sources(package):
            if module_name(path) == "survey_design.faces":
                continue  # it fetches what a face lists in words
            assert not hidden.search(path.read_text(encoding="utf-8")), path.relative_to(ROOT)


# --- what importing costs ----------------------------------------------------------------------------------

LOADED = f"print([name for name in {HEAVY!r} if name in sys.modules])"
PROGRAM = f"""
import sys
import survey_design, servqual
{LOADED}
import pandas as pd
from servqual import Responses, load_instrument, score_gaps
instrument = load_instrument("retail-13")
columns = [c for form in ("expectation", "perception") for c in instrument.columns(form).values()]
answers = {{name: [5, 6, 7, k % 7 + 1, k * 3 % 7 + 1] for k, name in enumerate(columns)}}
str(score_gaps(Responses(pd.DataFrame(answers), instrument)))
{LOADED}
"""


def test_importing_and_scoring_load_no_heavy_package():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.split("\n"), done.stderr) == (["[]", "[]", ""], "")


# --- the public names --------------------------------------------------------------------------------------


def names_for_type_checkers(package: str) -> dict[str, str]:
    """What a face imports where only type checkers look: name -> module."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    guarded = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    imports = [node for block in guarded for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_names_are_those_that_are_listed(package):
    face = importlib.import_module(package)
    assert len(face.__all__) == len(set(face.__all__))
    assert set(face.__all__) <= set(dir(face))
    told = {name: chapter for chapter, names in face._CHAPTERS.items() for name in names.split()}
    assert names_for_type_checkers(package) == told, "type checkers and users see the same names"
    for name, chapter_name in told.items():
        assert getattr(face, name) is getattr(importlib.import_module(chapter_name), name)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        face.nonsense
    own = {name for name, value in vars(face).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert own <= {*face.__all__, "fetcher", "names_of", "TYPE_CHECKING"}


def test_a_package_loads_a_chapter_only_when_one_of_its_names_is_used():
    code = (
        "import sys, servqual, survey_design; print([m for m in sys.modules if m.startswith(('servqual.', 'numpy'))]);"
        " servqual.Mean; print('servqual.inference' in sys.modules, 'servqual.gaps' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.split("\n"), done.stderr) == (["[]", "True False", ""], "")


def test_the_description_of_a_sample_is_light():
    """Every analysis reads it: the verbs beside it, and what they need, are loaded when they are called."""
    code = (
        "import sys; from survey_design.sampling import SampleDesign;"
        " print([m for m in sys.modules if m == 'scipy' or m.startswith('survey_design.sampling.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    loaded = ["survey_design.sampling.margins", "survey_design.sampling.design"]
    assert (done.stdout.strip(), done.stderr) == (str(loaded), "")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_explained_and_every_verb_shows_an_example(package):
    face = importlib.import_module(package)
    assert face.__doc__
    for name in face.__all__:
        thing = getattr(face, name)
        text = inspect.getdoc(thing) or ""
        assert text, name
        assert not text.startswith(f"{name}("), f"{name} has only the text that dataclass wrote"
        assert text.split("\n")[0].endswith((".", "``", ":")), f"{name} begins with one sentence"
        if inspect.isfunction(thing):
            assert ">>> " in text, f"{name} is a verb without an example"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").is_file()


# --- habits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_no_kitchen_drawer(package):
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "tools", "core", "base"}
    assert [str(p.relative_to(ROOT)) for p in (ROOT / package).rglob("*") if p.stem.strip("_") in drawers] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_package_code_neither_prints_nor_asserts(package):
    found = []
    for path in sources(package):
        if module_name(path) == "servqual.cli":
            continue
        for node in ast.walk(tree_of(path)):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called == "print" or isinstance(node, ast.Assert):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_begins_by_saying_what_it_answers(package):
    for path in sources(package):
        assert ast.get_docstring(tree_of(path)), path.relative_to(ROOT)


# --- what is committed -------------------------------------------------------------------------------------

# Built from pieces, so that this file does not hold what it looks for.
PLACES = [
    "/" + "work/",
    "/" + "farm/",
    "/" + "root/",
    "/" + "home/[a-z]+/",
    "/" + "Users/[A-Za-z]+/",
    r"[A-Z]:\\" + r"Users\\",
]
HOSTS = ["python" + "hosted", "pypi" + r"\.org", r"registry\." + "npmjs"]
UNWANTED = re.compile("|".join(PLACES + HOSTS))


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_place_on_one_machine_or_a_registry():
    assert UNWANTED.search("see /" + "root/notes.txt"), "the pattern works"
    assert not UNWANTED.search(Path(__file__).read_text(encoding="utf-8"))
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" in content[:8000]:
            continue  # not a text
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
            if UNWANTED.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []
