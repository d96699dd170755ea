"""What to do first: the map of importance and performance, ranked priorities with calibrated chances, what the budget
buys.

``importance_performance()`` (``quadrants``, over ``positions`` and the draws in ``chances``) and ``priorities()``
(``ranks``) say what matters. ``read_actions()`` (``actions``) and ``choose_actions()`` (``choice``) say what to do about it:
a ``question`` with its ``uncertainty``, the rules in ``programme``, the ``search`` for the best set, the ``frontier`` of
budgets, and the ``changes`` that would turn it. ``return_on_quality()`` (``returns``) says what it brings back.
"""

from servqual.priorities.actions import Actions, read_actions
from servqual.priorities.choice import ActionChoice, choose_actions
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
