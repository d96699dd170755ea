"""What is decided before the field: how many, whom, where, when, at what cost, and the forms to fill in.

A study plans itself from the ``[plan]`` of its ``study.toml``, before any answer exists::

    from servqual.planning import plan_study

    planned = plan_study("my-study")
    planned.stores  # the stores drawn, with chances and weights
    planned.save_all("build")  # what `servqual plan my-study` writes
"""

from servqual.planning.asked import StudyPlan, load_plan
from servqual.planning.costs import CostPlan
from servqual.planning.planned import PlanResults, plan_study

__all__ = ["plan_study", "load_plan", "StudyPlan", "PlanResults", "CostPlan"]
