"""Who visits which store when? Mystery visits: how often, by whom, on which day; and was it kept?"""

from survey_design.visits.audit import audit_visits
from survey_design.visits.frequency import (
    FREQUENCY_RULES,
    PRIORITY_RULES,
    FrequencyRule,
    PriorityRule,
    minimum_inspectors,
    priority_order,
    visits_per_month,
)
from survey_design.visits.plan import SCENARIO_SHARES, plan_visits
from survey_design.visits.results import Shortfall, VisitAudit, VisitCards, VisitPlan

__all__ = [
    "plan_visits",
    "audit_visits",
    "VisitPlan",
    "VisitCards",
    "Shortfall",
    "VisitAudit",
    "FrequencyRule",
    "PriorityRule",
    "FREQUENCY_RULES",
    "PRIORITY_RULES",
    "SCENARIO_SHARES",
    "visits_per_month",
    "priority_order",
    "minimum_inspectors",
]
