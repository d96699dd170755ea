"""Pictures: the sheet, the fonts, and one drawing function per result of this package; its only door to matplotlib."""

from __future__ import annotations

from survey_design.errors import missing_extra

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise missing_extra("matplotlib", "plots", "Drawing a picture") from error
