"""Reports: immutable values made of results, written as one self-contained file."""

from servqual.report.document import Entries, Entry, Heading, Lines, Paragraph, Picture, Points, Report, Section, Table
from servqual.report.gap_report import gap_report
from servqual.report.parts import Provenance

__all__ = [
    "Report", "Section", "Paragraph", "Heading", "Points", "Table", "Picture", "Entries", "Entry", "Lines",
    "gap_report", "Provenance",
]  # fmt: skip
