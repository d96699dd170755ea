"""docs/methods.md is complete and true: every statistic has its line, and every line can be followed.

The functions below that look for faults take what they judge as arguments, so that each is first shown a fault and only
then the page itself. At the end stand the checks which the page names and no other file holds.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import servqual
import survey_design
from servqual import Responses, SampleDesign, compare, load_instrument, score_gaps
from servqual.difference_scores import DIAGNOSIS
from servqual.priorities import importance_performance
from servqual.priorities.quadrants import by_chance
from servqual.report.findings import open_comparisons
from survey_design.results import Result

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
METHODS = ROOT / "servqual" / "report" / "methods.toml"
HEAD = ("statistic", "formula", "function", "reference", "independent check")

# Chapters that read, hold, show or run, and compute no statistic. A module that is not named here needs its lines.
WITHOUT_STATISTICS = {
    "reading": ("survey_design.files", "layouts", "answers", "responses"),
    "specification": ("instruments", "survey_design.sampling.design", "survey_design.sampling.margins"),
    "asking": (
        "survey_design.questionnaire",
        "survey_design.exit_interview",
        "survey_design.forms",
        "mystery.field",
        "mystery.workbook",
    ),
    "display": (
        "plots",
        "survey_design.plots",
        "survey_design.outputs",
        "survey_design.faces",
        "report",
        "tabulation",
        "remarks",
        "survey_design.results",
        "survey_design.errors",
    ),
    "running": (
        *("settings", "customers", "inspections", "voices", "causes", "decisions"),
        *("study_file", "study", "planning", "cli"),
    ),
}

# Names in the other chapters that compute no statistic of their own. Results (tables of what a verb found) need no line.
WITHOUT_STATISTIC = {
    "inference": "Term Spread Again Interval Statistic Sums Joint choose_interval check_drawn left_to_chance",
    "moments": "Cells Layout Block AllBut rows_of row_weights answer_matrix rebatched one_blas_thread merged_cells",
    "streams": "ResponseStream",
    "counts": "Tally",
    "regression": "WaldTest",
    "polychorics": "told PolychoricFit",
    "correlations": "PolychoricGamma side_of check_answers",
    "factors.chance": "eigenvalues",
    "factors.extraction": "Extraction check_correlation check_factors check_definite",
    "factors.fit": "Fit",
    "factors.intervals": "LoadingErrors correlations_of",
    "factors.rotation": "Turned criterion_of",
    "psychometrics.batteries": "ItemSet Summary nobody Coefficients Battery battery_of",
    "psychometrics.coefficients": "correlation_of is_definite OneFactor",
    "psychometrics.hierarchy": "Hierarchy",
    "psychometrics.ordered": "CategoricalOmega OrderedRow",
    "cfa.confirm": "groups_of check_matrix check_counts check_identified check_converged",
    "cfa.fit": "Sample Matrices Solution directions fill basis_of mean_slopes inverse_and_log_det corrected damped_inverse Search Point searched",
    "cfa.indices": "FitIndices",
    "cfa.model": "ParameterTable empty_table",
    "cfa.ordered": "Ordered correlation_slopes slopes_of OrderedSolution",
    "cfa.robust": "Robust",
    "cfa.rows": "complete_rows with_mean_weight_one rows_of_items",
    "cfa.standardised": "Standardised",
    "cfa.start": "start_values one_factor_each factor_covariance",
    "cfa.incomplete": "IncompleteSolution saturated_table MomentErrors score_products without_robust",
    "cfa.patterns": "Patterns alike Turned turn SaturatedFit",
    "cfa.estimated": "EstimatedMatrix",
    "cfa.scaling": "in_units values_at",
    "invariance.groups": "base_model likelihood_ladder climbed as_numbers",
    "invariance.ladder": "Rung Ladder Climb LikelihoodLadder may_be_freed named_place",
    "invariance.ordered": "OrderedSample OrderedModel OrderedSolution OrderedLadder ordered_ladder ladder_of missing_categories "
    "joined_categories with_joined told_joined check_ordered",
    "invariance.results": "rank",
    "levels.reliability": "GroupReader reliability_of wanted_column",
    "levels.structure": "GeneralTest",
    "mystery.checklist": "Category Indicator Level available_checklists load_checklist same_instrument",
    "mystery.checklist_files": "read_checklist as_checklist",
    "mystery.faults": "Fault refuse faults_of find_faults",
    "mystery.weight_rules": "WeightRule WeightRules available_weight_rules load_weight_rules",
    "mystery.points": "Answers Earned PointPlan Scores VisitPoints is_whole",
    "mystery.scores": "WeightsOfStores Measured measures_of labels_of Groups selection_remark mix_remarks method_of_visits within_scale "
    "beyond_scale",
    "mystery.inspectors": "inspectors_remark",
    "mystery.standings": "observed_stores check_points",
    "mystery.visits": "Visits check_visits came_before filled double_faults",
    "store_agreement": "rated_stores match_stores unmatched_remark check_percent",
    "index_weights.fit": "error_known",
    "index_weights.actions": "Term ServiceTerms load_service_terms",
    "index_weights.found": "Asked Found Method column without_interval NumberTable read_numbers refuse cell_words",
    "index_weights.objective": "Equal read_units",
    "index_weights.pairwise": "read_pairwise is_connected",
    "index_weights.structure": "varying rescaled",
    "index_weights.tree": "TreeIndicator available_indicator_trees load_indicator_tree",
    "index_weights.tree_scores": "check_indicators",
    "index_weights.weights": "as_result",
    "index_weights.given": "Asked GivenScores read_stores scores_of",
    "index_weights.pull": "fold_of",
    "index_weights.simplex": "check_weights",
    "index_weights.stores": "StoreIndicators",
    "benchmark": "companies kinds_alike side_of labelled company_column",
    "focus.code_frame": "Code CodeFrame available_code_frames load_code_frame code_frame_of",
    "focus.qdpx": "write_qdpx read_qdpx",
    "focus.statements": "Statements read_statements count_speakers base_words names_by_heading name_in words_in cases_in_words",
    "agreement.clusters": "clusters_of icc_names",
    "agreement.coefficients": "Chance",
    "dependability.facets": "RandomTerm FacetLayout read_layout column_label decimals_for check_facets",
    "dependability.planned": "VisitDesign Reliability",
    "dependability.severity": "Predicted",
    "complaints.register": "Complaints read_complaints",
    "complaints.shares": "base_remarks named_in",
    "complaints.survival": "Durations ByThen",
    "listening.matrix": "Means Segment available_listening_matrices load_listening_matrix matrix_of sentences read_toml key_faults",
    "listening.weak_links": "WeakLink load_weak_links",
    "diagnosis.sources": "Rows check_sources check_kinds respondent_means",
    "diagnosis.waterfall": "step_words waterfall_of customer_rows",
    "priorities.actions": "Action read_actions targets_of all_needed sentences_of row_of",
    "priorities.changes": "Search",
    "priorities.positions": "Standing Positions Part read_positions means_of check_two refuse",
    "priorities.programme": "Rules Units Solved units_of prices",
    "priorities.money": "money with_currency in_currency",
    "priorities.question": "Question question_of",
    "priorities.uncertainty": "ItemWeights",
    "priorities.quadrants": "Placed drawn_words",
    "validity": "Stage Evidence reliability_of fit_measures why_untested",
    "comparability": "Comparability",
    "crosstabs": "RaoScott RankTest",
    "measures": "Row dimension_items check_importance",
    "disconfirmation": "DirectAnswers",
    "proportions": "ShareTest",
    "drivers.importance": "chance_words",
    "drivers.question": "Question column where fault_of refusal numbers",
    "drivers.shares": "correlations_of",
    "stores": "BetweenStores ObservedStores StoreQuestion group_of_stores model_remarks",
    "simulate": "Variation Truth Tier Fieldwork SimulatedStudy Dirt fictional_chain hourly_footfall simulate_study soiled "
    "write_sample draw_answers mean_one on_scale tier_counts",
    "simulate_visits": "Move VisitTruth VisitFieldwork SimulatedVisits Expectations VisitDirt simulate_visits "
    "customer_ratings visit_truth_table soiled_visits write_visit_sample",
    "simulate_sources": "Handling SourceTruth SourceFieldwork SimulatedSources ComplaintDirt simulate_sources source_texts "
    "complaints_expected soiled_complaints sample_actions write_source_sample",
    "factor_size": "Population",
    "power": "as_responses",
    "survey_design.size.ledger": "Goal figure counted check_number",
    "survey_design.size.contrasts": "mean_goal power_formula refuse_unused check_one_of check_two_sided check_sizes joined "
    "design_words t_words z_words",
    "survey_design.size.power": "pair_of",
    "survey_design.size.stages": "Regions",
    "survey_design.sampling.allocation": "Target stratum_labels",
    "survey_design.sampling.regions": "criterion_label",
    "survey_design.sampling.selection": "stream prepare_draw Drawing",
    "survey_design.calibration": "Law",
    "survey_design.intercepts.plan": "store_strata hour_of",
    "survey_design.intercepts.blocks": "hourly_footfall time_blocks weekday_of",
    "survey_design.intercepts.tally": "Disposition tally_sheet count_outcomes checked_tallies chosen_share",
    "survey_design.visits.months": "first_month read_days open_days weekday",
    "survey_design.visits.given": "as_table with_numbers heading_key word_key renamed as_tables rules_without_stores",
    "survey_design.visits.people": "People read_people names_in read_travel read_weekdays",
    "survey_design.visits.bound": "groups_of",
    "survey_design.visits.dates": "Days",
    "survey_design.visits.results": "counted",
    "survey_design.focus_groups": "discussion_guide",
    "mystery.effects": "Side only_yes_or_no between_units worth",
    "replicates": "Kept",
    "mystery.columns": "Headings names_of item_names item_of words_of",
    "survey_design.visits.frequency": "rules_unmet",
}


# --- the page ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One statistic of the page."""

    statistic: str
    formula: str
    function: str
    reference: str
    check: str

    @property
    def functions(self) -> list[str]:
        return re.findall(r"`([A-Za-z_]\w*(?:\.\w+)+)`", self.function)

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`(test_\w+\.py)`", self.check)


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def lines_of(page: str) -> list[Line]:
    """Every line of the tables that have the page's head; a line with another number of cells is an error."""
    found, inside = [], False
    for text in page.splitlines():
        if not text.startswith("|"):
            inside = False
        elif cells(text) == HEAD:
            inside = True
        elif inside and not set(text) <= set("|-"):
            assert len(cells(text)) == len(HEAD), text
            found.append(Line(*cells(text)))
    return found


LINES = lines_of(PAGE)


def full_name(name: str) -> str:
    return name if name.startswith("survey_design.") else f"servqual.{name}"


def short_name(name: str) -> str:
    return name.removeprefix("servqual.")


# --- what may be wrong -------------------------------------------------------------------------------------


def is_listed(module: str, listed: Iterable[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in listed)


def public_names(module: ModuleType) -> list[str]:
    """Functions and classes of a module that are its own, no error and no table of results."""
    own = [
        thing for name, thing in vars(module).items() if not name.startswith("_") and inspect.getmodule(thing) is module
    ]
    plain = [thing for thing in own if inspect.isfunction(thing) or inspect.isclass(thing)]
    return [
        thing.__name__ for thing in plain if not (inspect.isclass(thing) and issubclass(thing, (Result, Exception)))
    ]


def without_line(modules: Iterable[ModuleType], lines: Sequence[Line]) -> list[str]:
    """Public names that compute something and stand in no line."""
    explained = {name for line in lines for name in line.functions}
    return [
        f"{short}.{name}"
        for module in modules
        for short in [short_name(module.__name__)]
        for name in public_names(module)
        if f"{short}.{name}" not in explained and name not in WITHOUT_STATISTIC.get(short, "").split()
    ]


def empty_cells(line: Line) -> list[str]:
    """Cells with nothing in them, and names that lack one of the two languages."""
    found = [name for name, cell in vars(line).items() if not re.search(r"\w", cell)]
    found += (
        [] if re.search(r"[a-zA-Z]", line.statistic) and re.search(r"[\u4e00-\u9fff]", line.statistic) else ["name"]
    )
    return found + ([] if line.functions else ["function"]) + ([] if line.tests else ["check"])


@cache
def located(function: str) -> Any:
    """What a name stands for; None where there is no such thing. (A package may hide a module behind a function.)"""
    names = full_name(short_name(function)).split(".")
    stems = [k for k in range(1, len(names)) if ".".join(names[:k]) in {"servqual", "survey_design", *module_names()}]
    module = importlib.import_module(".".join(names[: max(stems)]))
    return reduce(lambda thing, name: getattr(thing, name, None), names[max(stems) :], module)


def unknown_functions(line: Line) -> list[str]:
    return [name for name in line.functions if not callable(located(name))]


def at_home(name: str) -> str:
    """Where a function is defined; a package may show it under a shorter name."""
    function = located(name)
    return f"{function.__module__}.{function.__qualname__}"


def mentions(text: str, function: str) -> bool:
    """True if a text names a function, or the module that it is imported from."""
    module, _, name = function.rpartition(".")
    return bool(re.search(rf"\b(?:{re.escape(full_name(module))}|{re.escape(name)})\b", text))


def idle_tests(line: Line) -> list[str]:
    """Test files that are not there or name none of the line's functions, and functions that none of them reaches."""
    files = {name: ROOT / "tests" / name for name in line.tests}
    texts = {name: path.read_text(encoding="utf-8") if path.is_file() else "" for name, path in files.items()}
    found = [name for name, text in texts.items() if not any(mentions(text, f) for f in line.functions)]
    named = [name for name in line.functions if any(mentions(text, name) for text in texts.values())]
    through = "".join(source(name) for name in named)  # a verb that a test calls may call what stands beside it
    return found + [name for name in line.functions if name not in named and name.split(".")[-1] not in through]


@cache
def source(function: str) -> str:
    module = inspect.getmodule(located(function))
    return "" if module is None else inspect.getsource(module)


@cache
def cited() -> str:
    """All docstrings, texts and reference files of the project, broken lines joined."""
    files = [path for package in ("servqual", "survey_design") for path in (ROOT / package).rglob("*.*")]
    files += [*(ROOT / "tests" / "reference").iterdir()]
    texts = (path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".toml", ".R"})
    return re.sub(r"\s+", " ", " ".join(texts))


def strange_dois(page: str) -> list[str]:
    """DOIs that no docstring and no reference file cites."""
    named = re.findall(r"doi:(10\.\d{4,9}/\S+?)(?=[,;.:]?(?:\s|$)|`)", page)
    assert len(named) == page.count("doi:"), "every DOI was read"
    return [doi for doi in named if not re.search(rf"{re.escape(doi)}(?![\w/-])", cited())]


@cache
def module_names() -> list[str]:
    """Every module of both packages."""
    return [
        module.name
        for package in (survey_design, servqual)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


def is_statistical(module: str) -> bool:
    """True for every module but those named as computing no statistic; a new one is not among these."""
    silent = [name for names in WITHOUT_STATISTICS.values() for name in names]
    return not is_listed(short_name(module), silent)


def statistical() -> list[ModuleType]:
    return [importlib.import_module(name) for name in module_names() if is_statistical(name)]


# --- the page as it is -------------------------------------------------------------------------------------


def test_every_statistic_has_a_line():
    assert {"servqual.gaps", "servqual.stores", "servqual.privacy"} <= {module.__name__ for module in statistical()}
    assert without_line(statistical(), LINES) == []


def test_every_cell_is_filled_in_both_languages():
    assert {line.statistic: found for line in LINES if (found := empty_cells(line))} == {}
    assert len({line.statistic for line in LINES}) == len(LINES), "two lines have one name"


def test_every_function_can_be_imported():
    assert [name for line in LINES for name in unknown_functions(line)] == []


def test_every_test_that_is_named_tests_what_the_line_says():
    assert {line.statistic: found for line in LINES if (found := idle_tests(line))} == {}


def test_every_doi_is_cited_where_the_number_is_made():
    assert strange_dois(PAGE) == []


def test_what_a_report_explains_is_explained_here_too():
    explained = {at_home(name) for line in LINES for name in line.functions}
    methods: Mapping[str, Mapping[str, str]] = tomllib.loads(METHODS.read_text(encoding="utf-8"))
    assert {name for entry in methods.values() if at_home(name := entry["function"]) not in explained} == set()


def test_tests_marked_with_a_dagger_read_numbers_beside_the_project():
    for name in set(re.findall(r"`(test_\w+\.py)`†", PAGE)):
        text = (ROOT / "tests" / name).read_text(encoding="utf-8")
        assert re.search(r"\bshared\b", text), f"{name} reads nothing beside the project"


def test_names_without_a_line_are_there_and_have_none():
    explained = {name for line in LINES for name in line.functions}
    for module, names in WITHOUT_STATISTIC.items():
        for name in names.split():
            assert name in public_names(importlib.import_module(full_name(module))), f"{module}.{name} is gone"
            assert f"{module}.{name}" not in explained, f"{module}.{name} has a line"
    assert {name for names in WITHOUT_STATISTICS.values() for name in names} <= set(map(short_name, module_names()))


# --- faults that must be found -----------------------------------------------------------------------------

GOOD = next(line for line in LINES if line.functions == ["proportions.equal_shares"])


def made_up(name: str, text: str) -> ModuleType:
    module = ModuleType(name)
    exec(compile(text, name, "exec"), vars(module))
    return module


def test_a_new_module_is_taken_for_a_statistical_one():
    assert is_statistical("servqual.magic")
    assert is_statistical("servqual.reports")
    assert not is_statistical("servqual.report.words")
    assert not is_statistical("survey_design.results")


def test_a_new_verb_without_a_line_is_found(monkeypatch):
    text = "def score_magic(): ...\ndef _hidden(): ...\nclass Magic: ...\nclass MagicError(Exception): ..."
    new = made_up("servqual.magic", text)
    monkeypatch.setitem(importlib.import_module("sys").modules, "servqual.magic", new)
    assert without_line([new], LINES) == ["magic.score_magic", "magic.Magic"]
    assert without_line([new], [*LINES, replace(GOOD, function="`magic.score_magic` `magic.Magic`")]) == []
    old = importlib.import_module("servqual.proportions")
    monkeypatch.setattr(
        old, "score_magic", made_up("servqual.proportions", "def score_magic(): ...").score_magic, raising=False
    )
    assert without_line([old], LINES) == ["proportions.score_magic"]


def test_a_table_of_results_needs_no_line_but_the_verb_that_makes_it_does():
    shares = importlib.import_module("servqual.shares")
    assert "ShareTable" not in public_names(shares)
    assert without_line([shares], [line for line in LINES if "shares.share" not in line.functions]) == [
        "shares.share",
        "shares.top_box",
        "shares.score_csat",
        "shares.score_ces",
    ]


@pytest.mark.parametrize("part", ["statistic", "formula", "function", "reference", "check"])
def test_an_empty_cell_is_found(part):
    assert empty_cells(GOOD) == []
    assert part in empty_cells(replace(GOOD, **{part: ""}))
    assert part in empty_cells(replace(GOOD, **{part: "–"}))


def test_a_name_in_one_language_is_found():
    assert empty_cells(replace(GOOD, statistic="test of two shares")) == ["name"]
    assert empty_cells(replace(GOOD, statistic="两比例检验")) == ["name"]


def test_a_function_that_is_not_there_is_found():
    line = replace(GOOD, function="`proportions.equal_shares` `proportions.equal_share` `magic.nothing`")
    assert unknown_functions(line) == ["proportions.equal_share", "magic.nothing"]


def test_a_test_that_tests_something_else_is_found():
    assert idle_tests(GOOD) == []
    assert idle_tests(replace(GOOD, check="R: `test_magic.py`"))[0] == "test_magic.py"
    assert idle_tests(replace(GOOD, check="R: `test_layouts.py`")) == ["test_layouts.py", "proportions.equal_shares"]


def test_a_doi_that_nothing_cites_is_found():
    page = "doi:10.2307/1402588; doi:10.2307/140258, doi:10.9999/magic. `doi:10.1002/sim.6148`"
    assert strange_dois(page) == ["10.2307/140258", "10.9999/magic"]


def test_a_line_with_a_cell_too_many_is_found():
    head = "| " + " | ".join(HEAD) + " |\n|---|---|---|---|---|\n"
    assert lines_of(f"{head}| a | b | c | d | e |\n\n| x |\n") == [Line("a", "b", "c", "d", "e")]
    with pytest.raises(AssertionError, match="too many"):
        lines_of(f"{head}| a | b | c | d | e | too many |\n")


# --- checks that no other file holds -----------------------------------------------------------------------


def study(seed: int, top: float) -> pd.DataFrame:
    """Both forms of 120 people in twelve stores of three tiers; a share ``top`` of the expectations is a 7."""
    rng = np.random.default_rng(seed)
    asked = load_instrument("retail-13")
    store = np.arange(120) % 12
    frame = pd.DataFrame({"store": store, "tier": np.array(list("abc"))[store % 3], "w": rng.uniform(0.5, 3, 120)})
    for column in asked.columns("expectation").values():
        frame[column] = np.where(rng.random(120) < top, 7.0, rng.integers(3, 7, 120))
        frame.loc[rng.random(120) < 0.05, column] = np.nan
    for column in asked.columns("perception").values():
        frame[column] = np.clip(rng.integers(2, 8, 120) + (store % 3 == 0), 1, 7)
    return frame


@pytest.mark.parametrize(("top", "said"), [(0.3, False), (0.8, True)])
def test_the_ceiling_is_the_weighted_share_of_top_answers(top, said):
    """Counted in pandas, item by item; half of the answers at the top earns a remark."""
    frame, asked = study(1, top), load_instrument("retail-13")
    design = SampleDesign(clusters="store", weight="w")
    table = score_gaps(Responses(frame, asked, design)).diagnostics.to_frame().set_index("dimension")
    for dimension in asked.dimensions:
        columns = [asked.columns("expectation")[item.id] for item in asked.items if item.dimension == dimension.id]
        answers = frame[[*columns, "w"]].melt("w").dropna()
        share = answers["w"].mul(answers["value"] == 7).sum() / answers["w"].sum()
        assert table.loc[dimension.id, "ceiling"] == pytest.approx(share, rel=1e-12)
        assert ("ceiling" in table.loc[dimension.id, "warning"].split(", ")) is said is bool(share >= 0.5)
    assert "ceiling" in DIAGNOSIS


def test_open_comparisons_are_the_lines_that_chance_explains():
    frame = study(2, 0.4)
    responses = Responses(frame, load_instrument("retail-13"), SampleDesign(clusters="store"))
    comparison = compare(score_gaps(responses, by="tier"), "tier")
    table = comparison.to_frame()
    unclear = sum(1 for p in table["p_adjusted"] if p >= 0.05)
    assert 0 < unclear < len(table) == 18
    assert open_comparisons(comparison) == (unclear, 18)
    untested = replace(
        comparison,
        frame=table.assign(p=table["p"].mask(table.index < 3), p_adjusted=table["p_adjusted"].mask(table.index < 3)),
    )
    assert open_comparisons(untested) == (sum(1 for p in table["p_adjusted"][3:] if p >= 0.05), 15)


def test_what_chance_alone_would_spread_importance_by():
    """Errors drawn again and again with the means' covariance; their spread over the items, beside the one that is seen."""
    rng, names, draws = np.random.default_rng(5), ["a", "b", "c", "d", "e"], 40_000
    wanted = rng.normal(np.linspace(5, 5.3, 5), 1, (60, 5)) + rng.normal(0, 0.8, (60, 1))
    frame = pd.DataFrame(np.hstack([wanted, rng.normal(4, 1, (60, 5))]), columns=[*names, *(f"P_{x}" for x in names)])
    found = importance_performance(frame, importance={x: x for x in names}, performance={x: f"P_{x}" for x in names})
    errors = rng.multivariate_normal(np.zeros(5), np.cov(wanted.T) / 60, draws).var(axis=1, ddof=1)
    seen = wanted.mean(axis=0).var(ddof=1)
    near = 4 * errors.std() / np.sqrt(draws) / seen
    assert by_chance(found.placed[0]) == pytest.approx(errors.mean() / seen, abs=near)
    assert near < 0.05 * errors.mean() / seen, "the check is a sharp one"
