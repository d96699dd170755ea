"""Which font can draw these words? Chinese needs one of its own, and no machine is sure to have it."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib.font_manager import fontManager, get_font

from survey_design.errors import SpecError

CHINESE_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
)
LATIN = ("DejaVu Sans",)  # comes with matplotlib, so every machine draws the same picture
CHINESE = re.compile(r"[\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")


class NoChineseFont(UserWarning):
    """Chinese text was to be drawn and no font for it was found."""


def chinese_font() -> str | None:
    """Name of a font family that can draw Chinese, None if there is none.

    The environment variable ``SERVQUAL_FONT`` comes first (a font file or the name of an installed family), then
    the families of :data:`CHINESE_FAMILIES` that are installed, then the font of the extra ``servqual[plots]``.

    Raises
    ------
    SpecError
        If ``SERVQUAL_FONT`` is neither a font file nor an installed family, or can't draw Chinese.
    """
    wish = os.environ.get("SERVQUAL_FONT", "")
    if wish:
        return _wished_family(wish)
    installed = set(fontManager.get_font_names())
    for family in CHINESE_FAMILIES:
        if family in installed:
            return family
    if find_spec("pylopdf_fonts_zh_cn") is None:
        return None
    from pylopdf_fonts_zh_cn import sans_path

    return _add_font(sans_path())


def fonts_for(texts: Iterable[str]) -> tuple[str, ...] | None:
    """The families to write these texts with; None, and a warning, if that takes Chinese and there is no font."""
    if not any(CHINESE.search(text) for text in texts):
        return LATIN
    family = chinese_font()
    if family is None:
        _warn_no_font()
        return None
    return family, *LATIN  # a sign that the first lacks, such as the minus, is taken from the second


@cache
def _warn_no_font() -> None:
    warnings.warn(
        "No font for Chinese was found: pictures are labelled in English, and Chinese names in the data show as boxes. "
        "Install one with pip install 'servqual[plots]', or set SERVQUAL_FONT to a font file.",
        NoChineseFont,
        stacklevel=4,
    )


def _wished_family(wish: str) -> str:
    try:
        family = _add_font(Path(wish)) if Path(wish).is_file() else wish
        draws = get_font(fontManager.findfont(family, fallback_to_default=False)).get_char_index(ord("服"))
    except (OSError, RuntimeError, ValueError) as error:
        raise SpecError(
            f"SERVQUAL_FONT='{wish}' is neither a font file nor an installed font family. "
            "Set it to the path of a .ttf or .otf file with Chinese characters, or unset it."
        ) from error
    if not draws:
        raise SpecError(f"SERVQUAL_FONT='{wish}' has no Chinese characters. Name another font, or unset it.")
    return family


def _add_font(path: Path) -> str:
    """The family of a font file, made known to matplotlib once."""
    if str(path) not in {entry.fname for entry in fontManager.ttflist}:
        fontManager.addfont(path)
    return get_font(path).family_name
