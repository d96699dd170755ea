"""Surveys, decided before the field: how respondents are chosen, and how every result shows itself."""

from survey_design.errors import DataError, SpecError
from survey_design.results import Column, Estimate, Result
from survey_design.sampling import SampleDesign

__all__ = ["SampleDesign", "Result", "Column", "Estimate", "DataError", "SpecError"]
