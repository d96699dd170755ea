"""What to do first: the map of importance and performance, ranked priorities with calibrated chances, what the budget
buys.

``importance_performance()`` (``quadrants``, over ``positions`` and the draws in ``chances``) and ``priorities()``
(``ranks``) say what matters; ``choose_actions()`` (``actions``, over the integer programme in ``programme``) and
``return_on_quality()`` (``returns``) say what to do about it.
"""

from servqual.priorities.actions import ActionChoice, Actions, choose_actions, read_actions
from servqual.priorities.quadrants import Quadrants, Rules, importance_performance
from servqual.priorities.ranks import Changes, Priorities, Streams, priorities
from servqual.priorities.returns import QualityReturn, return_on_quality

__all__ = [
    "Quadrants",
    "Rules",
    "importance_performance",
    "Priorities",
    "Streams",
    "Changes",
    "priorities",
    "Actions",
    "read_actions",
    "ActionChoice",
    "choose_actions",
    "QualityReturn",
    "return_on_quality",
]
