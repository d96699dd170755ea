"""Pictures: one drawing function per result, and the only door to matplotlib in this package.

A picture is drawn from a result, never from raw data, onto axes that are given or made here, and the axes are
returned. Colours are those of Okabe and Ito, which colour-blind readers can tell apart; nothing is said by colour
alone. Global settings of matplotlib stay as they are.

Adding a picture: a file of its own, which collects the picture's words and numbers in one value, so that the fonts can
be chosen before anything is drawn (``fonts_for``); draws them with a ``Pen``, mostly in ``Rows``; and ends with
``pen.fit``. Lengths are points, so that a picture of 5 rows and one of 60 have letters of the same size.
"""

from __future__ import annotations

from survey_design.errors import missing_extra

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise missing_extra("matplotlib", "plots", "Drawing a picture") from error

from servqual.plots.actions import draw_action_choice, draw_cash_flow, draw_frontier, draw_tornado
from servqual.plots.agreement import draw_severity, draw_visits
from servqual.plots.angles import draw_angles
from servqual.plots.benchmark import draw_benchmarks, draw_competitors
from servqual.plots.complaints import draw_complaint_clusters, draw_complaint_shares, draw_promises, draw_stage_limits
from servqual.plots.correlations import draw_correlations
from servqual.plots.diagnosis import draw_findings, draw_staff, draw_triangulation, draw_waterfall
from servqual.plots.distribution import draw_distribution
from servqual.plots.drivers import draw_drivers, draw_kano, draw_penalty_reward
from servqual.plots.focus import draw_saturation, draw_theme_shares
from servqual.plots.forest import draw_comparison, draw_forest
from servqual.plots.gaps import draw_gaps
from servqual.plots.heatmap import draw_heatmap
from servqual.plots.index_weights import draw_consistency, draw_weight_comparison, draw_weights
from servqual.plots.ladder import draw_ladder
from servqual.plots.levels import draw_levels
from servqual.plots.listening import draw_listening_matrix, draw_weak_links
from servqual.plots.loadings import draw_loadings
from servqual.plots.path import draw_path
from servqual.plots.power import draw_factor_size, draw_power
from servqual.plots.priorities import draw_priorities, draw_quadrants
from servqual.plots.scree import draw_scree
from servqual.plots.store_scores import draw_fitted_weights, draw_store_scores
from servqual.plots.stores import draw_stores
from servqual.plots.tolerance import draw_tolerance
from servqual.plots.validity import draw_validity
from servqual.plots.visits import draw_visit_differences, draw_visit_map, draw_visit_scores
from survey_design.plots.fonts import CHINESE_FAMILIES, NoChineseFont, chinese_font
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, PALE, VERMILION, new_axes, save_png, save_svg

__all__ = [
    "draw_gaps",
    "draw_tolerance",
    "draw_heatmap",
    "draw_distribution",
    "draw_comparison",
    "draw_forest",
    "draw_stores",
    "draw_power",
    "draw_factor_size",
    "draw_correlations",
    "draw_scree",
    "draw_loadings",
    "draw_path",
    "draw_ladder",
    "draw_levels",
    "draw_store_scores",
    "draw_fitted_weights",
    "draw_validity",
    "draw_visits",
    "draw_severity",
    "draw_visit_scores",
    "draw_visit_map",
    "draw_visit_differences",
    "draw_competitors",
    "draw_benchmarks",
    "draw_angles",
    "draw_drivers",
    "draw_penalty_reward",
    "draw_kano",
    "draw_weights",
    "draw_weight_comparison",
    "draw_consistency",
    "draw_theme_shares",
    "draw_saturation",
    "draw_findings",
    "draw_waterfall",
    "draw_staff",
    "draw_triangulation",
    "draw_complaint_shares",
    "draw_complaint_clusters",
    "draw_stage_limits",
    "draw_promises",
    "draw_quadrants",
    "draw_priorities",
    "draw_action_choice",
    "draw_frontier",
    "draw_cash_flow",
    "draw_tornado",
    "draw_listening_matrix",
    "draw_weak_links",
    "new_axes",
    "save_svg",
    "save_png",
    "chinese_font",
    "NoChineseFont",
    "CHINESE_FAMILIES",
    "BLUE",
    "VERMILION",
    "GREEN",
    "INK",
    "GREY",
    "PALE",
]
