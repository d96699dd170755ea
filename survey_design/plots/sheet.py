"""On what, and with what, is a picture drawn? Sheets that take the size of their picture, and a pen that measures."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import Stroke
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Affine2D, BboxTransformTo, ScaledTranslation, Transform

from survey_design.errors import SpecError
from survey_design.plots.fonts import CHINESE, LATIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, GREY, PALE = "#1F2328", "#6E7781", "#D0D5DA"
# A Chinese character or a word, with the marks that may not begin a line after it nor end one before it.
_PIECES = re.compile(
    rf"[（《〈「『【“‘]*(?:{CHINESE.pattern}|(?:(?!{CHINESE.pattern})\S)+)[，。；：、！？）》〉」』】”’％]*\s*"
)
_MARGIN = 12.0
_RULER = TextToPath()


def new_axes(width: float = 8.0) -> Axes:
    """Axes on a sheet that pyplot knows nothing of, for reports and scripts.

    Such a sheet is ``width`` inches wide and takes the height that its picture needs; nothing has to be closed.

    >>> print(new_axes(6.5).figure.get_figwidth())
    6.5
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        sheet = Sheet(figsize=(width, 4.0))
        FigureCanvasAgg(sheet)
        return sheet.add_subplot()


def save_svg(picture: Axes | Figure) -> str:
    """The picture as SVG text: the same bytes every time, text as outlines, so that no font is needed.

    The figure is closed: a notebook doesn't show it once more.

    >>> ax = new_axes()
    >>> save_svg(ax) == save_svg(ax)
    True
    """
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    return _saved(picture, "svg", nothing | {"Title": _title(picture)}).decode("utf-8")


def save_png(picture: Axes | Figure, dpi: int = 200) -> bytes:
    """The picture as PNG, the same bytes every time. The figure is closed.

    >>> save_png(new_axes())[:4]
    b'\\x89PNG'
    """
    return _saved(picture, "png", {"Software": None}, dpi)


class Sheet(Figure):
    """A figure of ours, which takes the size that its picture needs."""


def pyplot_axes() -> Axes:
    from matplotlib import pyplot

    return pyplot.figure(FigureClass=Sheet, figsize=(8.0, 4.0), dpi=100).add_subplot()


@dataclass(frozen=True)
class Pen:
    """Writes on axes in given fonts, beside the data as well as among them, and knows how wide a text is."""

    ax: Axes
    fonts: tuple[str, ...]

    def write(
        self, text: str, x: float, y: float, dx: float, dy: float = 0, *, to: str = "data", size: float = 9.0,
        color: str = INK, strong: bool = False, **style: Any,
    ) -> None:  # fmt: skip
        """Text ``dx, dy`` points beside a place: x a share of the axes' width, y in data or again a share."""
        look = {"va": "center_baseline", "linespacing": 1.3, "annotation_clip": False, **self.look(size, color, strong)}
        at: Any = ("axes fraction", to)
        self.ax.annotate(text, (x, y), (dx, dy), xycoords=at, textcoords="offset points", **(look | style))

    def look(self, size: float, color: str, strong: bool = False) -> dict[str, Any]:
        """Properties of a text. Fonts for Chinese come in one weight, so there an outline makes the text strong."""
        look = {"family": self.fonts, "size": size, "color": color, "parse_math": False}
        if strong and self.fonts == LATIN:
            return look | {"weight": "bold"}
        return look | ({"path_effects": [Stroke(linewidth=size / 20, foreground=color)]} if strong else {})

    def width(self, text: str, size: float = 9.0, strong: bool = False) -> float:
        """Width of the widest line of a text."""
        weight = "bold" if strong and self.fonts == LATIN else "normal"
        return max(_width_at_100(line, self.fonts, weight) for line in text.split("\n")) * (size / 100)

    def wrapped(self, text: str, limit: float, size: float = 9.0, strong: bool = False) -> str:
        """The text with line breaks, no line wider than the limit unless one word is."""
        pieces, lines = _PIECES.findall(text), list[str]()
        while pieces:
            fit = self._fitting(pieces, limit, size, strong)
            lines.append("".join(pieces[:fit]).rstrip())
            pieces = pieces[fit:]
        return "\n".join(lines)

    def _fitting(self, pieces: Sequence[str], limit: float, size: float, strong: bool) -> int:
        """How many pieces a line can hold: one at least. A line grows evenly, so few lengths have to be measured."""

        def width(n: int) -> float:
            return self.width("".join(pieces[:n]).rstrip(), size, strong)

        fits, wide = 1, len(pieces)
        if wide == 1 or (too_wide := width(wide)) <= limit:
            return wide
        measured = 0.0
        while wide - fits > 1:
            guess = fits + round((wide - fits) * (limit - measured) / (too_wide - measured))
            n = min(max(guess, fits + 1), wide - 1)
            found = width(n)
            if found <= limit:
                fits, measured = n, found
            else:
                wide, too_wide = n, found
        return fits

    def beside(self, dx: float, dy: float) -> ScaledTranslation:
        """A shift of dx, dy points."""
        return ScaledTranslation(dx / 72, dy / 72, self.ax.figure.dpi_scale_trans)

    def full_width(self, left: float, right: float) -> float:
        """Width of the axes with what stands left and right of them."""
        figure, place = self.ax.figure, self.ax.get_subplotspec()
        if place is None:
            return left + self.ax.bbox.width * 72 / figure.dpi + right
        share = len(place.colspan) / place.get_gridspec().ncols
        return share * figure.bbox.width * 72 / figure.dpi - 2 * _MARGIN

    def axes_width(self, left: float, right: float) -> float:
        """Width that is left to the axes between what stands beside them."""
        return self.full_width(left, right) - left - right

    def points(self, x: float, y: float) -> Transform:
        """Lengths in points from a place given in shares of the axes, for marks beside them."""
        scale = Affine2D().scale(1 / 72) + self.ax.figure.dpi_scale_trans
        return scale + ScaledTranslation(x, y, BboxTransformTo(self.ax.bbox))

    def title(self, text: str, left: float, right: float, pad: float) -> float:
        """The title, ``pad`` points above the axes and flush with the row labels; the height of it all."""
        wrapped = self.wrapped(text, self.full_width(left, right), 13, True)
        title = self.ax.set_title(wrapped, loc="left", pad=pad, **self.look(13, INK, True))
        title.set_transform(title.get_transform() + self.beside(-left, 0))
        return pad + 16 * len(wrapped.split("\n"))

    def key(self, key: Mapping[str, Any], left: float, right: float, base: float = 20.0) -> float:
        """What the marks mean, ``base`` points above the axes, in as few lines as fit; the top of it."""
        ncols = self._key_columns([self.width(text, 8.5) for text in key], self.full_width(left, right))
        self.ax.legend(
            key.values(), list(key), ncols=ncols, loc="lower left", bbox_to_anchor=(0, 1),
            bbox_transform=self.ax.transAxes + self.beside(-left, base), frameon=False, borderpad=0, borderaxespad=0,
            handlelength=1.4, handletextpad=0.6, columnspacing=1.8, labelcolor=INK,
            prop=FontProperties(family=self.fonts, size=8.5),
        )  # fmt: skip
        return base + float(14 * np.ceil(len(key) / ncols)) + 10

    def _key_columns(self, widths: Sequence[float], room: float) -> int:
        """How many columns a key may have; matplotlib fills the first column first."""
        for ncols in range(len(widths), 1, -1):
            columns = [list(part) for part in np.array_split(widths, ncols)]
            if sum(max(part) + 17 for part in columns) + 15.3 * (ncols - 1) <= room:
                return ncols
        return 1

    def caption(self, text: str, left: float, right: float, above: float) -> float:
        """Small print ``above`` points below the axes; the height of it all."""
        wrapped = self.wrapped(text, 0.97 * self.full_width(left, right), 8.0)  # small letters on screens run wider
        self.write(wrapped, 0, 0, -left, -above, to="axes fraction", size=8.0, color=GREY, va="top")
        return above + 8 * 1.35 * len(wrapped.split("\n"))

    def fit(self, height: float, left: float, right: float, top: float, bottom: float) -> None:
        """Give our own sheet the height it needs, and the axes what the texts leave; other figures stay."""
        sheet = self.ax.figure
        if not isinstance(sheet, Sheet):
            return
        left, right, top, bottom = (side + _MARGIN for side in (left, right, top, bottom))
        wide, high = 72 * sheet.get_figwidth(), height + top + bottom
        sheet.set_size_inches(wide / 72, high / 72)
        self.ax.set_position((left / wide, bottom / high, (wide - left - right) / wide, height / high))


@lru_cache(maxsize=20_000)
def _width_at_100(line: str, fonts: tuple[str, ...], weight: str) -> float:
    """Width of one line of 100 points; measuring is slow, and figures and labels come back again and again."""
    return _RULER.get_text_width_height_descent(line, _font_of_100(fonts, weight), ismath=False)[0]


@lru_cache(maxsize=20)
def _font_of_100(fonts: tuple[str, ...], weight: str) -> FontProperties:
    return FontProperties(family=fonts, size=100, weight=weight)


def luminance(color: Any) -> float:
    """How bright a colour is to the eye (WCAG 2 relative luminance), from 0 to 1: below 0.19 white letters read better.

    >>> luminance((0.0, 0.0, 0.0)), round(luminance((1.0, 1.0, 1.0)), 3)
    (0.0, 1.0)
    """
    rgb = np.asarray(color, dtype=float)[:3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _saved(picture: Axes | Figure, kind: str, metadata: Mapping[str, str | None], dpi: int = 72) -> bytes:
    figure, buffer = _root(picture), BytesIO()
    steady: dict[Any, Any] = {
        "svg.hashsalt": "servqual",
        "svg.fonttype": "path",
        "savefig.bbox": None,
        "path.simplify": True,
    }
    with mpl.rc_context(steady):
        figure.savefig(buffer, format=kind, dpi=dpi, facecolor="white", metadata=dict(metadata))
    _close(figure)
    return buffer.getvalue()


def _root(picture: Axes | Figure) -> Figure:
    figure = picture if isinstance(picture, Figure) else picture.get_figure(root=True)
    if figure is None:
        raise SpecError("these axes belong to no figure any more, so there is nothing to save.")
    return figure


def _title(picture: Axes | Figure) -> str:
    axes = _root(picture).axes if isinstance(picture, Figure) else [picture]
    return "; ".join(filter(None, (ax.get_title(loc="left").replace("\n", " ") for ax in axes)))


def _close(figure: Figure) -> None:
    """Let pyplot forget the figure, if pyplot was ever loaded."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)
