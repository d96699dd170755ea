"""What lies behind the answers? Factors found, turned and judged from a correlation matrix: extraction, rotation, one solution."""

from servqual.factors.extraction import Extraction, extract
from servqual.factors.fit import Fit
from servqual.factors.pattern import Pattern
from servqual.factors.rotation import Turned, rotate
from servqual.factors.solution import (
    FactorCongruence,
    FactorScores,
    FactorSolution,
    FactorTable,
    LoadingIntervals,
    explore_factors,
    score_weights,
)

__all__ = [
    "explore_factors",
    "FactorSolution",
    "Pattern",
    "Fit",
    "FactorTable",
    "LoadingIntervals",
    "FactorScores",
    "FactorCongruence",
    "score_weights",
    "extract",
    "Extraction",
    "rotate",
    "Turned",
]
