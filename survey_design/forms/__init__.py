"""Forms that interviewers can use tomorrow, written from one questionnaire: for the tablet, on paper, as a list."""

from survey_design.forms.codebook import Codebook, codebook
from survey_design.forms.folder import write_forms
from survey_design.forms.paper import write_lists, write_word
from survey_design.forms.xlsform import write_xlsform

__all__ = ["write_forms", "write_xlsform", "write_word", "write_lists", "codebook", "Codebook"]
