"""What respondents see: questions in sections, their answers and routing, written once for paper, tablet and file."""

from survey_design.questionnaire.faults import LABEL_LIMIT, LEAD_LIMIT, NAME_LIMIT
from survey_design.questionnaire.form import Questionnaire, condition_as_rule, condition_in_words
from survey_design.questionnaire.questions import (
    CHOSEN,
    DONT_KNOW_WORDS,
    EVIDENCE_WORDS,
    NUMERIC,
    YES_NO_WORDS,
    Choice,
    Code,
    Condition,
    Evidence,
    Question,
    QuestionKind,
    Scale,
    Section,
    Words,
)

__all__ = [
    "Questionnaire",
    "Section",
    "Question",
    "Choice",
    "Scale",
    "Condition",
    "QuestionKind",
    "Evidence",
    "Code",
    "Words",
    "condition_in_words",
    "condition_as_rule",
    "CHOSEN",
    "NUMERIC",
    "YES_NO_WORDS",
    "DONT_KNOW_WORDS",
    "EVIDENCE_WORDS",
    "LABEL_LIMIT",
    "LEAD_LIMIT",
    "NAME_LIMIT",
]
