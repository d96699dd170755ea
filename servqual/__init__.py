"""Service quality, computed after the field.

Nouns: :class:`Instrument` (what is asked), :class:`Responses` (what came back), :class:`Moments` (what is summed).
Verbs: :func:`load_instrument`, :func:`read_responses`, :func:`score_gaps`, :func:`score_performance`, :func:`compare`,
:func:`estimate`. How an interval is made: :class:`Taylor`, :class:`Student`, :class:`Bootstrap`, :class:`Jackknife`.

Further chapters are imported by name:

* what customers said, before anything is measured: ``servqual.focus`` (focus groups); unasked: ``servqual.complaints``; and who is
  heard at all: ``servqual.listening``;
* what came back: ``servqual.streams`` (files that do not fit into memory), ``servqual.privacy`` (personal data),
  ``servqual.careless`` (careless answers), ``servqual.distributions`` (what people answered);
* other scores: ``servqual.tolerance`` (zone of tolerance), ``servqual.disconfirmation`` (evaluated performance, better or worse
  than expected), ``servqual.shares`` (top boxes, CSAT, NPS), ``servqual.proportions`` (intervals from counts);
* what goes with what: ``servqual.criterion`` (which score says most about the whole), ``servqual.drivers`` (what moves the
  outcome, stated and derived; Kano), ``servqual.regression``, ``servqual.crosstabs``, ``servqual.counts`` (quantiles and medians);
* is the scale sound: ``servqual.correlations`` (how items go together), ``servqual.psychometrics`` (alpha, omega, items),
  ``servqual.factor_count``, ``servqual.factors`` (exploratory), ``servqual.cfa`` (confirmatory), ``servqual.invariance`` (groups, and
  the two forms), ``servqual.comparability``, ``servqual.levels`` (many small groups: do stores differ, are their means dependable),
  ``servqual.validity`` (may the dimensions be reported);
* mystery shopping: ``servqual.mystery`` (checklists, weight rules, forms, visits, scores), ``servqual.agreement`` (of raters),
  ``servqual.dependability`` (how many visits), ``servqual.index_weights`` (by experts, by the data, fitted to customers),
  ``servqual.store_agreement`` (inspectors and customers), ``servqual.angles`` (expected, delivered, perceived),
  ``servqual.benchmark`` (competitors), ``servqual.moves``, ``servqual.best_stores``;
* where quality is lost and what first: ``servqual.diagnosis`` (five gaps, staff beside customers, what the sources agree on),
  ``servqual.priorities`` (importance and performance with chances, the ranked list, actions within a budget, return on quality);
* for the client: ``servqual.stores`` (single stores), ``servqual.disclosure`` (small cells), ``servqual.report``,
  ``servqual.study``; ``servqual.simulate``, ``servqual.simulate_visits`` and ``servqual.simulate_sources`` make studies whose
  truth is known.

Formula, reference and independent check of every statistic: docs/methods.md.
"""

from typing import TYPE_CHECKING

from survey_design.faces import fetcher, names_of

if TYPE_CHECKING:
    from servqual.comparison import compare
    from servqual.gaps import score_gaps, score_performance
    from servqual.inference import Mean, Proportion, Ratio, Student, Taylor, Total, Variance, estimate
    from servqual.instruments import Instrument, available_instruments, load_instrument
    from servqual.moments import Moments
    from servqual.replicates import Bootstrap, Jackknife
    from servqual.responses import Responses, read_responses
    from survey_design.results import Variable
    from survey_design.sampling import SampleDesign

_CHAPTERS = {
    "servqual.instruments": "Instrument available_instruments load_instrument",
    "servqual.responses": "Responses read_responses",
    "survey_design.results": "Variable",
    "survey_design.sampling": "SampleDesign",
    "servqual.gaps": "score_gaps score_performance",
    "servqual.comparison": "compare",
    "servqual.moments": "Moments",
    "servqual.inference": "estimate Mean Total Ratio Variance Proportion Taylor Student",
    "servqual.replicates": "Bootstrap Jackknife",
}
__all__ = names_of(_CHAPTERS)
__getattr__ = fetcher(__name__, _CHAPTERS)
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return [*globals(), *__all__]
