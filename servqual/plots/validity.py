"""May the dimensions be reported? Reliability and distinctness of each beside their lines, marked by the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from servqual.plots.rows import Figures, Rows, draw_grid, second_axes
from survey_design.errors import SpecError
from survey_design.plots.fonts import LATIN, fonts_for
from survey_design.plots.sheet import BLUE, GREEN, GREY, INK, VERMILION, Pen, pyplot_axes
from survey_design.results import Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from servqual.validity import Validity

Array = NDArray[Any]

_ROW, _GAP, _VERDICT = 34.0, 22.0, 112.0  # points: height of a row, between panels, width of the words of a verdict
_LOOK = {  # marker, face, edge: sound ones are solid, and every verdict has a shape of its own
    "separate": ("o", BLUE, BLUE),
    "caution": ("^", "white", BLUE),
    "merge": ("s", "white", VERMILION),
    "total": ("D", "white", VERMILION),
    "none": ("X", VERMILION, VERMILION),
    "untested": ("o", "white", GREY),
}
_WORDS: dict[str, Text] = {
    "reliability": {"en": "reliability (omega)", "zh": "信度（ω）"},
    "nearest": {"en": "correlation with the nearest", "zh": "与最接近维度的相关"},
    "other": {"en": "nearest", "zh": "最接近"},
    "verdict": {"en": "verdict", "zh": "结论"},
    "with": {"en": "merge with {other}", "zh": "与{other}合并"},
    "room": {"en": "where it should lie", "zh": "应处范围"},
    "floor": {"en": "no score under {floor}", "zh": "低于 {floor} 不计分"},
    "alpha": {"en": "α: alpha, where there is no proper omega.", "zh": "α：无合理 ω 时用 α。"},
    "htmt": {"en": "HTMT: in place of a correlation that is improper or missing.", "zh": "HTMT：因子相关不合理或缺失时用之。"},
    "read": {"en": "Marks with {level} intervals, of the model as designed; green from {wanted} up at the left, to {limit} at the right.",
             "zh": "标记附 {level} 区间，均取自原设模型；左图绿底自 {wanted} 起，右图至 {limit} 止。"},
}  # fmt: skip


def draw_validity(result: Validity, ax: Axes | None = None) -> Axes:
    """The verdict of each dimension with the two numbers that decide: reliability at the left, distinctness at the right.

    The pale ground is where a number should lie: reliability from its line up, the correlation with the dimension that is most
    alike under its line. The shape of the mark is the verdict, solid where the dimension may be reported as it is. Numbers are
    those of the model as designed, before any merging.

    Parameters
    ----------
    result : Validity, from :func:`servqual.validity.validity`
    ax : Axes, optional
        As in :func:`servqual.plots.draw_gaps`.

    Returns
    -------
    Axes
        The axes of reliability, with those of the correlations as their child (``ax.child_axes[0]``). In both the lines
        labelled with the verdict (one mark a row), collections "interval", and the patch "room".

    Raises
    ------
    SpecError
        If no dimension has a reliability.

    Examples
    --------
    >>> import numpy as np
    >>> from servqual.correlations import ItemMatrix
    >>> from servqual.plots import new_axes
    >>> from servqual.validity import validity
    >>> r = 0.64 * np.kron([[1, 0.4], [0.4, 1]], np.ones((3, 3))) + 0.36 * np.eye(6)
    >>> found = validity(ItemMatrix.from_matrix(r, 300, dimensions=["care"] * 3 + ["look"] * 3), replicates=0)
    >>> ax = draw_validity(found, new_axes())
    >>> [label.get_text() for label in ax.get_yticklabels()], {line.get_label() for line in ax.lines} & {"separate"}
    (['care', 'look'], {'separate'})
    """
    if not np.isfinite(result.deciding()["reliability"]).any():
        raise SpecError("a picture of the verdict needs the reliability of at least one dimension; there is none.")
    chart = _chart(result)
    fonts = fonts_for(chart.texts())
    if fonts is None:
        chart, fonts = _chart(result.in_language("en")), LATIN
    return _draw(Pen(pyplot_axes() if ax is None else ax, fonts), chart)


@dataclass(frozen=True, eq=False)
class _Chart:
    """The words and numbers of the picture: one entry a dimension.

    Attributes
    ----------
    reliability, distinct : (k, 3) estimate and bounds, nan where there is none
    others : what the nearest dimension is called, "HTMT" beside it where that decides
    wanted, floor, limit : the lines drawn
    """

    title: str
    labels: tuple[str, ...]
    codes: tuple[str, ...]
    verdicts: tuple[str, ...]
    others: tuple[str, ...]
    reliability: Array
    distinct: Array
    wanted: float
    floor: float
    limit: float
    words: dict[str, str]
    caption: str

    def texts(self) -> list[str]:
        """Everything that will be written."""
        return [self.title, self.caption, *self.labels, *self.verdicts, *self.others, *self.words.values()]


def _chart(result: Validity) -> _Chart:
    language, numbers, lines = result.language, result.deciding(), result.thresholds
    columns = {column.name: column for column in result.columns()}
    words = {key: say(text, language) for key, text in _WORDS.items()}
    shown = {code: columns["verdict"].show(code, language) for code in _LOOK}
    verdicts = [_verdict(columns, row, words, language) for row in result.frame.to_dict("records")]
    others = [columns["r_with"].show(name, language) for name in numbers["other"]]
    by_alpha, by_htmt = (numbers["reliability_by"] == "alpha").any(), (numbers["by"] == "htmt").to_numpy()
    drawn = {"level": f"{100 * result.level:g}%", "wanted": _line(lines.reliability), "limit": _line(lines.distinct)}
    said = [words["read"].format(**drawn), words["alpha"] if by_alpha else "",
            words["htmt"] if by_htmt.any() else ""]  # fmt: skip
    return _Chart(
        title=result.title(), labels=tuple(_marked(columns["dimension"].show(name, language), by) for name, by in
                                           zip(numbers["dimension"], numbers["reliability_by"], strict=True)),
        codes=tuple(result.frame["verdict"]), verdicts=tuple(verdicts),
        others=tuple(f"{name}（HTMT）" if bad and language == "zh" else f"{name} (HTMT)" if bad else name
                     for name, bad in zip(others, by_htmt, strict=True)),
        reliability=numbers[["reliability", "reliability_low", "reliability_high"]].to_numpy(float),
        distinct=numbers[["size", "low", "high"]].to_numpy(float),
        wanted=lines.reliability, floor=lines.floor, limit=lines.distinct,
        words={**words, **shown, "floor": words["floor"].replace("{floor}", _line(lines.floor))},
        caption=("" if language == "zh" else " ").join(filter(None, [*said, result.line()])),
    )  # fmt: skip


def _marked(label: str, by: str) -> str:
    return f"{label} (α)" if by == "alpha" else label


def _verdict(columns: Any, row: Any, words: dict[str, str], language: str) -> str:
    """The verdict in words, with what to merge with."""
    if not row["merge_with"]:
        return str(columns["verdict"].show(row["verdict"], language))
    said = words["with"].replace("{other}", columns["merge_with"].show(row["merge_with"], language))
    return spaced(said) if language == "zh" else said


def _draw(pen: Pen, chart: _Chart) -> Axes:
    k = len(chart.labels)
    verdicts = [pen.wrapped(text, _VERDICT) for text in chart.verdicts]
    others = [pen.wrapped(text, _VERDICT) for text in chart.others]
    height = max(_ROW, 8 + 12.0 * max(text.count("\n") + 1 for text in (*verdicts, *others)))
    rows = Rows.stacked(pen, chart.labels, [""] * k, [False] * k, height)
    left = rows.draw_labels(pen)
    beside = _beside(pen, chart, left, [*verdicts, *others])
    strong = [code not in ("separate", "untested") for code in chart.codes]
    columns = [Figures(chart.words["other"], others), Figures(chart.words["verdict"], verdicts, [INK] * k, strong)]
    right = rows.draw_figures(pen, columns, beside + 4)
    other = second_axes(pen, _GAP, beside)
    start = 0.1 * np.floor(10 * min(0.4, chart.floor, *chart.reliability[np.isfinite(chart.reliability)]))
    _draw_panel(pen, chart, rows, chart.reliability, (max(start, 0.0), 1.0), (chart.wanted, 1.0))
    pen.ax.axvline(chart.floor, color=VERMILION, linewidth=1.2, linestyle=(0, (4, 2)), label="floor", zorder=1.6)
    end = max(1.0, *chart.distinct[np.isfinite(chart.distinct)], 0.0)
    second = Pen(other, pen.fonts)
    _draw_panel(second, chart, rows, chart.distinct, (0.0, end), (0.0, chart.limit))
    other.set_yticks([])
    for panel, words in ((pen, "reliability"), (second, "nearest")):
        panel.write(chart.words[words], 0, 1, 0, 5, to="axes fraction", size=8.5, color=GREY, va="baseline")
    top = pen.title(chart.title, left, right, pen.key(_key(chart), left, right, 34.0))
    pen.fit(rows.height, left, right, top, pen.caption(chart.caption, left, right, 26.0))
    return pen.ax


def _beside(pen: Pen, chart: _Chart, left: float, cells: list[str]) -> float:
    """Where the second panel ends, from the end of the first: both are equally wide."""
    k = len(cells) // 2
    widths = [12 + max(pen.width(chart.words[head], 8.5), *(pen.width(text, strong=True) for text in part))
              for head, part in (("verdict", cells[:k]), ("other", cells[k:]))]  # fmt: skip
    return _GAP + max((pen.full_width(left, 0) - left - sum(widths) - _GAP - 8) / 2, 60)


def _draw_panel(
    pen: Pen, chart: _Chart, rows: Rows, numbers: Array, ends: tuple[float, float], room: tuple[float, float]
) -> None:
    """Estimates with their intervals on the ground where they should lie."""
    pen.ax.set(xlim=ends)
    step = 0.2 if ends[1] - ends[0] > 0.5 else 0.1
    ticks = [float(tick) for tick in np.arange(10) * step if ends[0] - 1e-9 <= tick <= ends[1] + 1e-9]
    draw_grid(pen, ticks, [_line(tick) for tick in ticks], rows.height)
    pen.ax.tick_params(axis="x", labeltop=False)
    pen.ax.axvspan(*room, facecolor=GREEN, alpha=0.16, linewidth=0, label="room", zorder=1)
    pen.ax.axvline(room[0] if room[0] > 0 else room[1], color=GREEN, linewidth=1.2, label="line", zorder=1.5)
    pen.ax.hlines(rows.places, numbers[:, 1], numbers[:, 2], colors=[_LOOK[code][2] for code in chart.codes], linewidth=1.8,
                  label="interval", zorder=2.5)  # fmt: skip
    for code, value, y in zip(chart.codes, numbers[:, 0], rows.places, strict=True):
        pen.ax.plot([value], [y], label=code, zorder=4, clip_on=False, **_mark(code))


def _mark(code: str) -> dict[str, Any]:
    marker, face, edge = _LOOK[code]
    return {"linestyle": "none", "marker": marker, "markersize": 7.5, "markerfacecolor": face, "markeredgecolor": edge,
            "markeredgewidth": 1.6}  # fmt: skip


def _line(value: float) -> str:
    """A share as papers print it.

    >>> _line(0.9), _line(0.85), _line(1.0), _line(0.0)
    ('.9', '.85', '1', '0')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("0.", ".", 1) or "0"


def _key(chart: _Chart) -> dict[str, Any]:
    """What is drawn, no more."""
    key: dict[str, Any] = {chart.words[code]: Line2D([], [], **_mark(code)) for code in _LOOK if code in chart.codes}
    key[chart.words["room"]] = Patch(facecolor=GREEN, alpha=0.25, linewidth=0)
    key[chart.words["floor"]] = Line2D([], [], color=VERMILION, linewidth=1.2, linestyle=(0, (4, 2)))
    return key
