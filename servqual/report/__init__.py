"""Reports: immutable values made of results, written as one self-contained file."""

from servqual.report.document import Entries, Entry, Heading, Paragraph, Picture, Points, Report, Section, Table
from servqual.report.gap_report import gap_report
from servqual.report.parts import Provenance

__all__ = [
    "Report", "Section", "Paragraph", "Heading", "Points", "Table", "Picture", "Entries", "Entry",
    "gap_report", "Provenance",
]  # fmt: skip
