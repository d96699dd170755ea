"""Pictures: one drawing function per result, and the only door to matplotlib in this package.

A picture is drawn from a result, never from raw data, onto axes that are given or made here, and the axes are
returned. Colours are those of Okabe and Ito, which colour-blind readers can tell apart; nothing is said by colour
alone. Global settings of matplotlib stay as they are.

Adding a picture: collect its words and numbers in one value, so that the fonts can be chosen before anything is
drawn; draw them with :class:`_Pen`; end with ``pen.fit``.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from servqual.inference import NUMBER_COLUMNS, REASONS
from survey_design.errors import SpecError, missing_extra
from survey_design.results import Text, say

try:
    import matplotlib as mpl
except ModuleNotFoundError as error:
    raise missing_extra("matplotlib", "plots", "Drawing a picture") from error

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.lines import Line2D
from matplotlib.patheffects import Stroke
from matplotlib.textpath import TextToPath
from matplotlib.transforms import ScaledTranslation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from servqual.gaps import GapTable
    from servqual.instruments import Instrument, Scale

BLUE, INK, GREY, PALE = "#0072B2", "#1F2328", "#6E7781", "#D0D5DA"
CHINESE_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
)
_LATIN = ("DejaVu Sans",)  # comes with matplotlib, so every machine draws the same picture
_CHINESE = re.compile(r"[\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")
_PIECES = re.compile(rf"{_CHINESE.pattern}[，。；：、！？）》”]*\s*|(?:(?!{_CHINESE.pattern})\S)+\s*")

_WORDS: Mapping[str, Text] = {
    "perception": {"en": "perception", "zh": "感知"},
    "expectation": {"en": "expectation", "zh": "期望"},
    "interval": {"en": "{level} CI", "zh": "{level} 置信区间"},
    "band": {"en": "{level} CI of the gap, from the expectation", "zh": "差距的 {level} 置信区间（自期望量起）"},
    "open": {"en": "interval includes 0", "zh": "区间包含 0"},
    "base": {"en": "n = {n};", "zh": "n = {n}；"},
    "bases": {
        "en": "n = {n} perceptions, {n_expectation} expectations;",
        "zh": "感知 n = {n}，期望 n = {n_expectation}；",
    },
    "method": {
        "en": "{level} confidence intervals, row by row, not adjusted for multiple comparisons.",
        "zh": "{level} 置信区间，逐行计算，未作多重比较校正。",
    },
    "all": {"en": "All rows: {note}.", "zh": "各行：{note}。"},
    "off": {"en": "off this scale: in figures only", "zh": "不在此量尺上，仅列数字"},
}


class NoChineseFont(UserWarning):
    """Chinese text was to be drawn and no font for it was found."""


def draw_gaps(table: GapTable, ax: Axes | None = None) -> Axes:
    """Expectation and perception of every row, the gap between them, and how sure it is.

    Rows stand in the instrument's order. A dot is the perception, an upright stroke the expectation, both on the
    instrument's scale. The band is the gap's interval laid off from the expectation: from ``expectation + low``
    to ``expectation + high``. So the band stays clear of the stroke exactly where the interval excludes 0; there
    the dot is solid, elsewhere hollow. Gap and interval stand at the right in figures. With groups, each
    dimension or item is a heading and the groups are its rows. A row with a remark is grey and carries it; what
    can't be computed is not drawn, and neither is what lies off the scale (a sum): the figures remain.

    Parameters
    ----------
    table : GapTable
    ax : Axes, optional
        Axes to draw on; their figure keeps its size, and ``layout="constrained"`` gives the words beside them room.
        Without them a pyplot figure is made, which a notebook shows by itself; its height grows with the rows.
        :func:`new_axes` makes such a figure outside of pyplot.

    Returns
    -------
    Axes
        The axes drawn on. Dots and strokes are the collections labelled "perception" and "expectation".

    Warns
    -----
    NoChineseFont
        Once, if the text is Chinese and no font is found (:func:`chinese_font`); the labels are then English.

    References
    ----------
    Okabe and Ito (2008), Color universal design, https://jfly.uni-koeln.de/color/. Dot charts instead of bars:
    Cleveland and McGill (1984), JASA 79, 531-554, doi:10.1080/01621459.1984.10478080.
    """
    chart = _gap_chart(table)
    fonts = _fonts(chart.texts())
    if fonts is None:
        chart, fonts = _gap_chart(table.in_language("en")), _LATIN
    pen = _Pen(_pyplot_axes() if ax is None else ax, fonts)
    labels = [pen.wrapped(row.label, _LABEL_WIDTH) for row in chart.rows]
    places, headings, height = _places(chart, labels)
    _draw_scale(pen, chart.scale, height)
    _draw_marks(pen, chart, places)
    left = _draw_labels(pen, labels, places, headings)
    _draw_notes(pen, chart, places)
    right = _draw_figures(pen, chart, places)
    top = _draw_head(pen, chart, left, right)
    bottom = _draw_foot(pen, chart, left, right)
    pen.fit(height, left, right, top, bottom)
    return pen.ax


def new_axes(width: float = 8.0) -> Axes:
    """Axes on a sheet that pyplot knows nothing of, for reports and scripts.

    Such a sheet is ``width`` inches wide and takes the height that its picture needs; nothing has to be closed.

    >>> print(new_axes(6.5).figure.get_figwidth())
    6.5
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        sheet = _Sheet(figsize=(width, 4.0))
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


# What a gap picture says, before any of it is drawn


@dataclass(frozen=True)
class _GapRow:
    """One row of the picture; ``block`` is the heading it stands under, empty where there are none."""

    block: str
    label: str
    remark: str
    expectation: float
    perception: float
    gap: float
    low: float
    high: float
    n: float

    @property
    def clear(self) -> bool:
        """True if the interval excludes 0."""
        return self.low > 0 or self.high < 0

    def figures(self) -> tuple[str, str, str]:
        """Gap, interval and n in figures."""
        gap, low, high = (NUMBER_COLUMNS["gap"].show(value, "en") for value in (self.gap, self.low, self.high))
        interval = f"[{low}, {high}]" if np.isfinite([self.low, self.high]).all() else ""
        return gap, interval, NUMBER_COLUMNS["n"].show(self.n, "en")


@dataclass(frozen=True)
class _GapChart:
    """The words and numbers of a gap picture; ``notes`` are the words inside the rows."""

    title: str
    rows: tuple[_GapRow, ...]
    notes: tuple[str, ...]
    words: Mapping[str, str]
    caption: str
    scale: Scale
    ends: tuple[str, str]

    @property
    def bases_differ(self) -> bool:
        """True if the rows rest on different numbers of answers."""
        return len({row.n for row in self.rows}) > 1

    def texts(self) -> Iterator[str]:
        """Everything that will be written."""
        yield from (self.title, self.caption, *self.notes, *self.ends, *self.words.values())
        for row in self.rows:
            yield from (row.block, row.label)


def _gap_chart(table: GapTable) -> _GapChart:
    if table.instrument is None or table.frame.empty:
        raise SpecError("a picture of gaps needs rows, and the instrument on whose scale they are drawn.")
    level, scale = f"{100 * table.level:g}%", table.instrument.scale
    words = {key: say(text, table.language).replace("{level}", level) for key, text in _WORDS.items()}
    words |= {name: NUMBER_COLUMNS[name].heading(table.language) for name in ("gap", "n")}
    rows = _gap_rows(table, table.instrument)
    notes = tuple(row.remark or ("" if _on(scale, row) else words["off"]) for row in rows)
    parts = [words["bases" if "n_expectation" in table.frame else "base"], words["method"]]
    for name in {"n", "n_expectation"} & set(table.frame):
        parts[0] = parts[0].replace(f"{{{name}}}", _span(table.frame[name]))
    if len(rows) > 1 and len(set(notes)) == 1 and notes[0]:  # said once
        parts, notes = [*parts, words["all"].replace("{note}", notes[0])], ("",) * len(rows)
    caption = ("" if table.language == "zh" else " ").join([*parts, say(table.caution, table.language)]).strip()
    ends = say(scale.low_label, table.language), say(scale.high_label, table.language)
    words = {key: words[key] for key in ("perception", "expectation", "band", "open", "gap", "interval", "n")}
    return _GapChart(table.title(), rows, notes, words, caption, scale, ends)


def _on(scale: Scale, row: _GapRow) -> bool:
    """False where a mean lies off the scale, as sums of items do."""
    means = [mean for mean in (row.expectation, row.perception) if np.isfinite(mean)]
    return all(scale.low - 1e-9 <= mean <= scale.high + 1e-9 for mean in means)


def _drawn(scale: Scale, row: _GapRow) -> bool:
    """True if the row has a mark."""
    return _on(scale, row) and not np.isnan([row.expectation, row.perception]).all()


def _gap_rows(table: GapTable, instrument: Instrument) -> tuple[_GapRow, ...]:
    """The rows in the instrument's order; groups keep the order of the table."""
    columns = {column.name: column for column in table.columns()}
    order = list(dict.fromkeys([*instrument.words(), *table.frame[table.what]]))
    records = sorted(table.frame.to_dict("records"), key=lambda record: order.index(record[table.what]))
    blocks = _item_blocks(table, instrument, [record[table.what] for record in records])
    rows = []
    for record in records:
        name = record[table.what]
        label, block = columns[table.what].show(name, table.language), blocks.get(name, "")
        if table.by:
            label, block = table.group([record[column] for column in table.by]), label
        numbers = [float(record[key]) for key in ("expectation", "perception", "gap", "low", "high", "n")]
        rows.append(_GapRow(block, label, say(REASONS[record["reason"]], table.language), *numbers))
    return tuple(rows)


def _item_blocks(table: GapTable, instrument: Instrument, names: Sequence[str]) -> dict[str, str]:
    """Label of every item's dimension, where the items of each dimension stand together."""
    home = {item.id: item.dimension for item in instrument.items}
    if table.what != "item" or not all(home[name] for name in names):
        return {}
    runs = [dimension for dimension, _ in groupby(names, home.__getitem__)]
    if len(runs) > len(set(runs)):
        return {}
    return {name: say(instrument.words()[home[name]], table.language) for name in names}


def _span(numbers: Sequence[float] | pd.Series) -> str:
    """One count, or the least and the greatest of several.

    >>> _span([1204, 1187, 1204]), _span([12])
    ('1,187–1,204', '12')
    """
    return "–".join(f"{n:,.0f}" for n in sorted({min(numbers), max(numbers)}))


# Drawing it. All lengths are points (1/72 inch); a row's place is its distance from the top of the axes.

_WIDE, _NARROW, _HEADING, _NOTE = 26.0, 17.0, 22.0, 10.0
_MARGIN, _LABEL_WIDTH, _TALL = 12.0, 150.0, 300.0


def _places(chart: _GapChart, labels: Sequence[str]) -> tuple[list[float], list[tuple[float, str]], float]:
    """Where each row stands, where each heading stands, and how high all of it is."""
    usual = _WIDE if len(chart.rows) <= 8 else _NARROW
    places: list[float] = []
    headings: list[tuple[float, str]] = []
    y, block = 4.0, ""
    for row, note, label in zip(chart.rows, chart.notes, labels, strict=True):
        step = max(usual, 4 + 11.0 * len(label.split("\n")))
        if row.block and row.block != block:
            block = row.block
            headings.append((y + _HEADING / 2 + 3, block))
            y += _HEADING
        places.append(y + step / 2)
        y += step + (_NOTE if note and _drawn(chart.scale, row) else 0)
    return places, headings, y + 4


class _Sheet(Figure):
    """A figure of ours, which takes the size that its picture needs."""


def _pyplot_axes() -> Axes:
    from matplotlib import pyplot

    return pyplot.figure(FigureClass=_Sheet, figsize=(8.0, 4.0), dpi=100).add_subplot()


@dataclass(frozen=True)
class _Pen:
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
        if strong and self.fonts == _LATIN:
            return look | {"weight": "bold"}
        return look | ({"path_effects": [Stroke(linewidth=size / 20, foreground=color)]} if strong else {})

    def width(self, text: str, size: float = 9.0, strong: bool = False) -> float:
        """Width of the widest line of a text."""
        weight = "bold" if strong and self.fonts == _LATIN else "normal"
        font = FontProperties(family=self.fonts, size=size, weight=weight)
        return max(TextToPath().get_text_width_height_descent(line, font, ismath=False)[0] for line in text.split("\n"))

    def wrapped(self, text: str, limit: float, size: float = 9.0, strong: bool = False) -> str:
        """The text with line breaks, no line wider than the limit unless one word is."""
        lines = [""]
        for piece in _PIECES.findall(text):
            if lines[-1] and self.width((lines[-1] + piece).rstrip(), size, strong) > limit:
                lines.append("")
            lines[-1] += piece
        return "\n".join(line.rstrip() for line in lines)

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

    def fit(self, height: float, left: float, right: float, top: float, bottom: float) -> None:
        """Give our own sheet the height it needs, and the axes what the texts leave; other figures stay."""
        sheet = self.ax.figure
        if not isinstance(sheet, _Sheet):
            return
        left, right, top, bottom = (side + _MARGIN for side in (left, right, top, bottom))
        wide, high = 72 * sheet.get_figwidth(), height + top + bottom
        sheet.set_size_inches(wide / 72, high / 72)
        self.ax.set_position((left / wide, bottom / high, (wide - left - right) / wide, height / high))


def _draw_scale(pen: _Pen, scale: Scale, height: float) -> None:
    ax, span = pen.ax, scale.high - scale.low
    step = next(step for step in range(1, span + 1) if span % step == 0 and span / step <= 12)
    ticks = range(scale.low, scale.high + 1, step)
    ax.set(xlim=(scale.low, scale.high), ylim=(height, 0), axisbelow=True)
    ax.set_xticks(ticks, [str(k).replace("-", "−") for k in ticks], **pen.look(8.5, GREY))
    ax.grid(False)
    ax.grid(axis="x", color=PALE, linewidth=0.6, linestyle="-", clip_on=False)
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", labeltop=height > _TALL)
    ax.spines[:].set_visible(False)


def _draw_marks(pen: _Pen, chart: _GapChart, places: Sequence[float]) -> None:
    ax, rows = pen.ax, chart.rows
    inks = [GREY if row.remark else INK for row in rows]
    dots = [GREY if row.remark else BLUE for row in rows]
    bands = [to_rgba(dot, 0.4 if row.clear else 0.18) for row, dot in zip(rows, dots, strict=True)]
    faces = [dot if row.clear else "white" for row, dot in zip(rows, dots, strict=True)]
    means = np.array([(row.expectation, row.perception) if _on(chart.scale, row) else (np.nan, np.nan) for row in rows])
    bounds = means[:, :1] + np.array([(row.low, row.high) for row in rows])
    ax.hlines(places, means[:, 0], means[:, 1], colors=inks, linewidth=0.9, label="gap", zorder=2)
    ax.hlines(places, bounds[:, 0], bounds[:, 1], colors=bands, linewidth=9, label="interval", zorder=3)
    stroke: dict[str, Any] = {"marker": "|", "s": 170, "linewidths": 2.2, "c": inks}
    dot: dict[str, Any] = {"marker": "o", "s": 46, "linewidths": 1.5, "c": faces, "edgecolors": dots}
    ax.scatter(means[:, 0], places, label="expectation", zorder=4, clip_on=False, **stroke)
    ax.scatter(means[:, 1], places, label="perception", zorder=5, clip_on=False, **dot)


def _draw_labels(
    pen: _Pen, labels: Sequence[str], places: Sequence[float], headings: Sequence[tuple[float, str]]
) -> float:
    """Row labels and headings at the left, all flush left; the width they take."""
    indent = 12.0 if headings else 0.0
    widths = [indent + pen.width(label) for label in labels] + [pen.width(text, 9.5, True) for _, text in headings]
    left = min(max(widths), indent + _LABEL_WIDTH) + 14
    pen.ax.set_yticks(places, labels, ha="left", linespacing=1.1, **pen.look(9.0, INK))
    pen.ax.tick_params(axis="y", pad=left - indent)
    for y, text in headings:
        pen.write(text, 0, y, -left, size=9.5, strong=True)
    return left


def _draw_notes(pen: _Pen, chart: _GapChart, places: Sequence[float]) -> None:
    """The words inside the rows: below the marks, in their place where there are none."""
    paper = {"boxstyle": "square,pad=0.15", "facecolor": pen.ax.get_facecolor(), "edgecolor": "none"}
    for row, note, y in zip(chart.rows, chart.notes, places, strict=True):
        if note:
            pen.write(
                note, 0, y, 4, -13 if _drawn(chart.scale, row) else 0, size=7.5, color=GREY, bbox=paper, zorder=1.5
            )


def _draw_figures(pen: _Pen, chart: _GapChart, places: Sequence[float]) -> float:
    """Gap, interval and, where it varies, n in figures at the right; the width they take."""
    cells = zip(*(row.figures() for row in chart.rows), strict=True)
    columns = dict(zip(("gap", "interval", "n"), cells, strict=True))
    if not chart.bases_differ:
        del columns["n"]
    edge = 4.0
    for name, column in columns.items():
        edge += 12 + max(pen.width(chart.words[name], 8.5), *(pen.width(cell, strong=True) for cell in column))
        pen.write(chart.words[name], 1, 1, edge, 5, to="axes fraction", size=8.5, color=GREY, ha="right", va="baseline")
        for cell, row, y in zip(column, chart.rows, places, strict=True):
            color = GREY if row.remark or name == "n" else INK
            pen.write(cell, 1, y, edge, ha="right", color=color, strong=name == "gap" and row.clear and not row.remark)
    return edge


def _draw_head(pen: _Pen, chart: _GapChart, left: float, right: float) -> float:
    """Title, and under it the key to the marks; the height they take."""
    width = pen.full_width(left, right)
    blue = GREY if all(row.remark for row in chart.rows) else BLUE
    dot: dict[str, Any] = {"marker": "o", "markersize": 7, "linestyle": "", "markeredgewidth": 1.5}
    key = {
        "perception": Line2D([], [], color=blue, **dot),
        "expectation": Line2D([], [], color=INK, marker="|", markersize=13, markeredgewidth=2.2, linestyle=""),
        "band": Line2D([], [], color=blue, alpha=0.4, linewidth=9, solid_capstyle="butt"),
    }
    if any(np.isfinite(row.low) and not row.clear for row in chart.rows):
        key["open"] = Line2D([], [], color=blue, markerfacecolor="white", **dot)
    ncols = len(key) if width > 480 else 2
    pen.ax.legend(
        key.values(), [chart.words[word] for word in key], ncols=ncols, loc="lower left", bbox_to_anchor=(0, 1),
        bbox_transform=pen.ax.transAxes + pen.beside(-left, 20), frameon=False, borderpad=0, borderaxespad=0,
        handlelength=1.4, handletextpad=0.6, columnspacing=1.8, labelcolor=INK,
        prop=FontProperties(family=pen.fonts, size=8.5),
    )  # fmt: skip
    pad = 20 + 14 * np.ceil(len(key) / ncols) + 10
    title = pen.wrapped(chart.title, width, 13, True)
    text = pen.ax.set_title(title, loc="left", pad=pad, **pen.look(13, INK, True))
    text.set_transform(text.get_transform() + pen.beside(-left, 0))
    return pad + 16 * len(title.split("\n"))


def _draw_foot(pen: _Pen, chart: _GapChart, left: float, right: float) -> float:
    """What the ends of the scale mean, and the caption; the height they take."""
    for side, text in enumerate(chart.ends):
        pen.write(text, side, 0, 0, -24, to="axes fraction", size=8.0, color=GREY, ha=("left", "right")[side])
    above = 40.0 if any(chart.ends) else 26.0
    caption = pen.wrapped(chart.caption, pen.full_width(left, right), 8.0)
    pen.write(caption, 0, 0, -left, -above, to="axes fraction", size=8.0, color=GREY, va="top")
    return above + 8 * 1.35 * len(caption.split("\n"))


# Fonts and files


def _fonts(texts: Iterable[str]) -> tuple[str, ...] | None:
    """The families to write these texts with; None, and a warning, if that takes Chinese and there is no font."""
    if not any(_CHINESE.search(text) for text in texts):
        return _LATIN
    family = chinese_font()
    if family is None:
        _warn_no_font()
        return None
    return family, *_LATIN  # a sign that the first lacks, such as the minus, is taken from the second


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
