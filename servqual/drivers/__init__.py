"""What drives the outcome: importance derived and stated, what penalises and what rewards, Kano's kinds of quality.

``drivers()`` ranks (``importance``, over the kernels in ``shares``), ``penalty_reward()`` asks whether bad and good service count
alike (``asymmetry``), ``kano()`` sorts by the answers to functional and dysfunctional questions (``kano_table``).
"""

from servqual.drivers.asymmetry import PenaltyReward, penalty_reward
from servqual.drivers.importance import Drivers, drivers
from servqual.drivers.kano_table import KanoTable, fong_critical, kano, kano_categories
from servqual.drivers.shares import johnson_shares, shapley_shares

__all__ = [
    "Drivers",
    "drivers",
    "PenaltyReward",
    "penalty_reward",
    "KanoTable",
    "kano",
    "kano_categories",
    "fong_critical",
    "shapley_shares",
    "johnson_shares",
]
