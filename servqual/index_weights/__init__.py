"""What should an index's indicators weigh, and what do stores score with these weights?

Weights (0 or more, sum 1) can come from experts or from the data's own structure (:func:`index_weights`, with a method), from several of
these (:func:`combine_weights`), or from a yardstick: customers' ratings of the stores that were inspected (:func:`fit_index_weights`).
:func:`compare_weights` shows what the choice does to the ranking of stores. :func:`load_indicator_tree` and :func:`score_tree` make
an index of indicators in their own units, level by level.
"""

from __future__ import annotations

from servqual.index_weights.actions import ActionPriorities, ServiceTerms, Term, load_service_terms, rank_actions
from servqual.index_weights.combined import WeightComparison, WeightRankings, combine_weights, compare_weights
from servqual.index_weights.experts import Ahp, ConsistencyTable, Delphi, DelphiRounds, Points
from servqual.index_weights.fit import error_known, fit_index_weights
from servqual.index_weights.fitted import ALL, WEIGHT_REASONS, FittedWeights, WeightAgreement
from servqual.index_weights.objective import ComponentTable, Critic, Entropy, Equal, PrincipalComponents, Spread
from servqual.index_weights.pairwise import (
    aggregated,
    consistency,
    eigenvector_weights,
    geometric_weights,
    read_pairwise,
)
from servqual.index_weights.pull import PENALTIES, FitPlan, choose_penalty, fold_of
from servqual.index_weights.scales import Bounds, Percentile, Thresholds
from servqual.index_weights.simplex import check_weights, effective_number, simplex_weights
from servqual.index_weights.stores import StoreIndicators, share_taken_off
from servqual.index_weights.structure import component_weights, critic_weights, entropy_weights, spread_weights
from servqual.index_weights.tree import IndicatorTree, TreeIndicator, available_indicator_trees, load_indicator_tree
from servqual.index_weights.tree_scores import TreeScores, score_tree
from servqual.index_weights.weights import IndexWeights, index_weights

__all__ = [
    "ALL",
    "PENALTIES",
    "WEIGHT_REASONS",
    "Ahp",
    "Bounds",
    "ComponentTable",
    "ConsistencyTable",
    "Critic",
    "Delphi",
    "DelphiRounds",
    "Entropy",
    "Equal",
    "FitPlan",
    "FittedWeights",
    "IndexWeights",
    "IndicatorTree",
    "Percentile",
    "Points",
    "PrincipalComponents",
    "Spread",
    "StoreIndicators",
    "Thresholds",
    "TreeIndicator",
    "TreeScores",
    "WeightAgreement",
    "WeightComparison",
    "WeightRankings",
    "aggregated",
    "available_indicator_trees",
    "check_weights",
    "choose_penalty",
    "combine_weights",
    "compare_weights",
    "component_weights",
    "consistency",
    "critic_weights",
    "effective_number",
    "eigenvector_weights",
    "entropy_weights",
    "error_known",
    "fit_index_weights",
    "fold_of",
    "geometric_weights",
    "index_weights",
    "load_indicator_tree",
    "read_pairwise",
    "score_tree",
    "share_taken_off",
    "ActionPriorities",
    "ServiceTerms",
    "Term",
    "load_service_terms",
    "rank_actions",
    "simplex_weights",
    "spread_weights",
]
