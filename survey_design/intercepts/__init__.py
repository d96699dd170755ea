"""Who is asked at the door, and for whom do they stand? Exit surveys: plan, tally sheet, outcome rates, weights."""

from survey_design.intercepts.outcomes import RATES, OutcomeRates, outcome_rates
from survey_design.intercepts.plan import InterceptPlan, StoreQuotas, Timetable, plan_intercepts
from survey_design.intercepts.tally import DISPOSITIONS, Disposition, TallySheet, count_outcomes, tally_sheet
from survey_design.intercepts.weights import InterceptWeights, intercept_weights

__all__ = [
    "plan_intercepts",
    "InterceptPlan",
    "StoreQuotas",
    "Timetable",
    "tally_sheet",
    "TallySheet",
    "count_outcomes",
    "Disposition",
    "DISPOSITIONS",
    "outcome_rates",
    "OutcomeRates",
    "RATES",
    "intercept_weights",
    "InterceptWeights",
]
