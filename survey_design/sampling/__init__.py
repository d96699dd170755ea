"""Who is asked? The description of a sample, how many in each stratum, which units, which regions."""

from survey_design.sampling.design import SELECTION_WORDS, SampleDesign, Selection

__all__ = ["SampleDesign", "SELECTION_WORDS", "Selection"]
