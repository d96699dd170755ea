"""Surveys, decided before the field: how many, whom, where, when, and the forms that interviewers fill in.

How many: :func:`size_for_mean` and its kin lead from a wish to a number, in a ledger that a referee can follow;
:func:`precision_of` and :func:`detectable` go the other way round. Whom: :func:`allocate` shares the number out over
strata, :func:`group_regions` and :func:`choose_regions` say where, :func:`draw` draws. Who came instead: :func:`rake`,
:func:`poststratify` and :func:`calibrate` bring weights to known totals. At the door: :func:`plan_intercepts`,
:func:`intercept_weights`, :func:`outcome_rates`. In the stores, unannounced: :func:`plan_visits`, :func:`minimum_inspectors`,
:func:`audit_visits`. Around a table: :func:`plan_focus_groups`, :func:`discussion_guide`.
What is asked: a :class:`Questionnaire` becomes a form for tablets and one for paper (:func:`write_forms`), and comes
back filled (:func:`read_filled`).

Whatever draws, plans or weighs hands over a :class:`SampleDesign`: the analysis reads it, and nobody types a column name
twice. Every table that is shown is a :class:`Result`; what cannot be used is a :class:`SpecError` (an argument) or a
:class:`DataError` (cells, all of them listed in ``.cases``).

Further chapters are imported by name: ``survey_design.exit_interview`` (the questions of an exit interview besides the
scale), ``survey_design.intercepts`` (tallies), ``survey_design.files`` (any table as text), ``survey_design.plots``.
Formula, reference and independent check of every statistic: docs/methods.md.
"""

from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from survey_design.calibration import calibrate, poststratify, rake, trim
    from survey_design.errors import DataError, SpecError
    from survey_design.focus_groups import SessionCosts, discussion_guide, plan_focus_groups
    from survey_design.forms import codebook, write_forms, write_word, write_xlsform
    from survey_design.forms.filled import read_filled
    from survey_design.forms.guide import write_guide
    from survey_design.intercepts import intercept_weights, outcome_rates, plan_intercepts, tally_sheet
    from survey_design.questionnaire import Choice, Condition, Question, Questionnaire, Scale, Section
    from survey_design.results import Column, Estimate, Result
    from survey_design.sampling import SampleDesign
    from survey_design.sampling.allocation import Target, allocate, allocate_for_margins
    from survey_design.sampling.regions import choose_regions, group_regions
    from survey_design.sampling.selection import draw
    from survey_design.size import (
        design_effect,
        detectable,
        krejcie_morgan,
        precision_of,
        size_for_alpha,
        size_for_comparison,
        size_for_correlation,
        size_for_crosstab,
        size_for_gap,
        size_for_groups,
        size_for_mean,
        size_for_proportion,
        size_for_regions_and_customers,
        size_for_regression,
        size_for_stores_and_customers,
        yamane,
    )
    from survey_design.size.stages import Regions
    from survey_design.visits import FrequencyRule, PriorityRule, audit_visits, minimum_inspectors, plan_visits

_CHAPTERS = {
    "survey_design.size": "size_for_mean size_for_proportion size_for_gap size_for_comparison size_for_alpha "
    "size_for_correlation size_for_regression size_for_groups size_for_crosstab size_for_stores_and_customers "
    "size_for_regions_and_customers precision_of detectable yamane krejcie_morgan design_effect",
    "survey_design.size.stages": "Regions",
    "survey_design.sampling": "SampleDesign",
    "survey_design.sampling.allocation": "allocate allocate_for_margins Target",
    "survey_design.sampling.regions": "group_regions choose_regions",
    "survey_design.sampling.selection": "draw",
    "survey_design.calibration": "rake poststratify calibrate trim",
    "survey_design.intercepts": "plan_intercepts tally_sheet intercept_weights outcome_rates",
    "survey_design.visits": "plan_visits audit_visits FrequencyRule PriorityRule minimum_inspectors",
    "survey_design.focus_groups": "plan_focus_groups SessionCosts discussion_guide",
    "survey_design.questionnaire": "Questionnaire Section Question Scale Choice Condition",
    "survey_design.forms": "write_forms write_xlsform write_word codebook",
    "survey_design.forms.filled": "read_filled",
    "survey_design.forms.guide": "write_guide",
    "survey_design.results": "Result Column Estimate",
    "survey_design.errors": "DataError SpecError",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
