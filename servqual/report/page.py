"""Turns a report into one page: the template holds the markup, every text passes through its escaping."""

from __future__ import annotations

from servqual.report.document import Report
from servqual.report.footnotes import Footnotes
from servqual.report.words import word
from survey_design.errors import missing_extra


def render(report: Report) -> str:
    """The page as text. It loads nothing, runs nothing and names neither date nor place.

    >>> page = render(Report("Stores <b>in spring</b>").with_section("In short", "1 < 2"))
    >>> "<b>" in page, "1 &lt; 2" in page, "<script" in page
    (False, True, False)
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise missing_extra("jinja2", "report", "Writing a report") from error
    environment = Environment(
        loader=PackageLoader("servqual.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    once = Footnotes.of(report)
    # Results escape their own cells; nothing else may enter the page unescaped.
    environment.filters["table"] = lambda block: Markup(block.html(once.split(block.result.note())[0]))
    environment.filters["footnotes"] = lambda block: once.split(block.result.note())[1]
    environment.globals["word"] = lambda key, **values: word(key, report.language, **values)
    return environment.get_template("report.html.jinja").render(report=report, once=once)
