"""Surveys, decided before the field: how respondents are chosen, and how every result shows itself."""

from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from survey_design.errors import DataError, SpecError
    from survey_design.results import Column, Estimate, Result
    from survey_design.sampling import SampleDesign

_CHAPTERS = {
    "survey_design.sampling": "SampleDesign",
    "survey_design.results": "Result Column Estimate",
    "survey_design.errors": "DataError SpecError",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
