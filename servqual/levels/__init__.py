"""Do stores differ, is the mean of a store's customers dependable, and do stores differ in the same way as customers do?

What many small groups allow: not whether each answers with the same ruler (:mod:`servqual.invariance`), but how much of the answers
lies between groups (:func:`group_reliability`) and what has which structure, people within groups or groups (:func:`two_levels`).
"""

from __future__ import annotations

from servqual.levels.reliability import GroupReliability, group_reliability, wanted_column
from servqual.levels.structure import GeneralTest, TwoLevels, two_levels

__all__ = ["GeneralTest", "GroupReliability", "TwoLevels", "group_reliability", "two_levels", "wanted_column"]
