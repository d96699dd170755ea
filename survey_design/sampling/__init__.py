"""Who is asked? The description of a sample, how many in each stratum, which units, which regions.

The description alone is imported here, since every analysis reads it. The verbs stand in ``sampling.allocation``,
``sampling.regions`` and ``sampling.selection``, and on the face of :mod:`survey_design`.
"""

from survey_design.sampling.design import SELECTION_WORDS, SampleDesign, Selection

__all__ = ["SampleDesign", "SELECTION_WORDS", "Selection"]
