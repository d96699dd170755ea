"""What the gap picture shows equals the table: places of the marks, words, fonts, files."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from servqual import plots
from servqual.gaps import GapTable
from servqual.inference import REASONS
from servqual.instruments import load_instrument
from servqual.plots import NoChineseFont, chinese_font, draw_gaps, new_axes, save_png, save_svg
from survey_design.errors import SpecError
from survey_design.results import Column, say

mpl.use("Agg")
INSTRUMENT = load_instrument("servqual-22")
DIMENSIONS = [dimension.id for dimension in INSTRUMENT.dimensions]
ITEMS = [item.id for item in INSTRUMENT.items]
TIERS = ["flagship", "standard", "community", "franchise", "kiosk"]
GREY = "#6e7781"
TIER = Column("tier", {"en": "tier", "zh": "层级"}, "text", {"flagship": {"en": "Flagship", "zh": "旗舰店"}})
NUMBERS = ["expectation", "perception", "gap", "se", "low", "high"]


def gap_table(what="dimension", names=DIMENSIONS, instrument=INSTRUMENT, groups=None, **fields) -> GapTable:
    """A table whose intervals include 0 in every third row."""
    rows = []
    for k, (group, name) in enumerate(itertools.product(groups or [None], names)):
        expectation, gap = 5.5 + 0.1 * (k % 9), -0.82 + 0.15 * (k % 7)
        half = abs(gap) + 0.05 if k % 3 == 2 else abs(gap) / 2
        rows.append({"tier": group, what: name, "expectation": expectation, "perception": expectation + gap, "gap": gap,
                     "se": half / 2, "low": gap - half, "high": gap + half, "n": 200 + k % 11, "df": 23.0, "p": 0.01,
                     "p_adjusted": 0.02, "deff": 1.2, "reason": ""})  # fmt: skip
    frame = pd.DataFrame(rows)
    if groups is None:
        return GapTable(frame.drop(columns="tier"), instrument=instrument, what=what, **fields)
    return GapTable(frame, instrument=instrument, what=what, by=("tier",), by_columns=(TIER,), **fields)


def changed(table: GapTable, row: int, **values) -> GapTable:
    frame = table.frame.copy()
    frame.loc[row, list(values)] = list(values.values())
    return replace(table, frame=frame)


def marks(ax, label: str):
    (found,) = [mark for mark in ax.collections if mark.get_label() == label]
    return found


def dots(ax, label: str) -> np.ndarray:
    return np.ma.filled(marks(ax, label).get_offsets(), np.nan)[:, 0]


def bars(ax, label: str) -> np.ndarray:
    return np.array([[segment[0][0], segment[1][0]] for segment in marks(ax, label).get_segments()])


def labels(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def words(ax) -> list[str]:
    """All that is written, without the ticks."""
    return [ax.get_title(loc="left"), *(text.get_text() for text in ax.texts)] + [
        text.get_text() for text in ax.get_legend().get_texts()
    ]


def caption(ax) -> str:
    return ax.texts[-1].get_text().replace("\n", " ")


@pytest.fixture(autouse=True)
def no_figure_is_left() -> Iterator[None]:
    plots._warn_no_font.cache_clear()
    pyplot.close("all")
    yield
    pyplot.close("all")


@pytest.fixture
def no_font(monkeypatch):
    """A machine with neither a Chinese font nor the extra that brings one."""
    monkeypatch.delenv("SERVQUAL_FONT", raising=False)
    monkeypatch.setattr(plots, "CHINESE_FAMILIES", ())
    monkeypatch.setattr(plots, "find_spec", lambda name: None)


# The marks are the numbers


@pytest.mark.parametrize("groups", [None, TIERS])
def test_marks_stand_at_the_numbers_of_the_table(groups):
    table = gap_table(groups=groups)
    ax = draw_gaps(table, new_axes())
    order = {name: k for k, name in enumerate(DIMENSIONS)}
    rows = table.frame.sort_values("dimension", key=lambda names: names.map(order), kind="stable")
    assert dots(ax, "perception") == pytest.approx(rows["perception"].to_numpy())
    assert dots(ax, "expectation") == pytest.approx(rows["expectation"].to_numpy())
    assert bars(ax, "gap") == pytest.approx(rows[["expectation", "perception"]].to_numpy())
    assert bars(ax, "interval") == pytest.approx(rows[["low", "high"]].add(rows["expectation"], axis=0).to_numpy())
    assert len(labels(ax)) == len(rows)
    heights = marks(ax, "perception").get_offsets()[:, 1]
    assert list(heights) == list(ax.get_yticks())
    assert (np.diff(heights) > 0).all()
    assert ax.yaxis_inverted(), "the first row is on top"


@pytest.mark.parametrize(("low", "high"), [(1, 7), (0, 10), (-3, 3), (0, 100)])
def test_axis_is_the_instruments_scale(low, high):
    instrument = replace(INSTRUMENT, scale=replace(INSTRUMENT.scale, low=low, high=high))
    ax = draw_gaps(gap_table(instrument=instrument), new_axes())
    assert ax.get_xlim() == (low, high)
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert [ticks[0], ticks[-1]] == [str(low).replace("-", "−"), str(high)]
    assert {say(instrument.scale.low_label, "en"), say(instrument.scale.high_label, "en")} <= set(words(ax))


def test_dot_is_solid_exactly_where_the_interval_excludes_zero():
    table = gap_table(groups=TIERS)
    ax = draw_gaps(table, new_axes())
    rows = table.frame.sort_values("dimension", key=lambda names: names.map(DIMENSIONS.index), kind="stable")
    solid = [to_hex(color) != "#ffffff" for color in marks(ax, "perception").get_facecolors()]
    assert solid == ((rows["low"] > 0) | (rows["high"] < 0)).tolist()
    assert 0 < sum(solid) < len(solid)
    stroke, band = dots(ax, "expectation"), bars(ax, "interval")
    assert solid == ((stroke < band[:, 0]) | (stroke > band[:, 1])).tolist(), "the band tells the same"
    faint = marks(ax, "interval").get_colors()[:, 3]
    assert faint[solid].min() > faint[~np.array(solid)].max()


def test_gap_and_interval_stand_in_figures_beside_the_row():
    table = changed(gap_table(), 1, gap=-0.8249, low=-1.021, high=-0.619, n=1204)
    ax = draw_gaps(table, new_axes())
    place = ax.get_yticks()[1]
    assert [text.get_text() for text in ax.texts if text.xy == (1, place)] == ["−0.82", "[−1.02, −0.62]", "1,204"]


def test_n_has_a_column_only_where_it_varies():
    table = gap_table()
    table.frame["n"] = 1204
    ax = draw_gaps(table, new_axes())
    assert "1,204" not in words(ax)
    assert caption(ax).startswith("n = 1,204; 95% confidence intervals")
    assert "1,204" in words(draw_gaps(changed(table, 0, n=1187), new_axes()))


# The words


def test_labels_are_those_of_the_instrument_in_the_tables_language():
    table = gap_table()
    english, chinese = (draw_gaps(table.in_language(language), new_axes()) for language in ("en", "zh"))
    assert labels(english) == ["Tangibles", "Reliability", "Responsiveness", "Assurance", "Empathy"]
    assert labels(chinese) == ["有形性", "可靠性", "响应性", "保证性", "移情性"]
    assert {"perception", "expectation"} <= set(words(english))
    assert {"感知", "期望"} <= set(words(chinese))
    for ax, shown in ((english, table), (chinese, table.in_language("zh"))):
        assert ax.get_title(loc="left") == shown.title()
    assert dots(english, "perception").tolist() == dots(chinese, "perception").tolist()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_caption_has_base_level_and_caution(language):
    table = gap_table(level=0.9, cautious=True, language=language)
    said = caption(draw_gaps(table, new_axes()))
    assert "200–204" in said
    assert "90%" in said
    assert said.replace(" ", "").endswith(table.caution.replace(" ", ""))


def test_caption_counts_both_files():
    table = gap_table()
    table.frame["n_expectation"] = 80
    assert caption(draw_gaps(table, new_axes())).startswith("n = 200–204 perceptions, 80 expectations;")


def test_groups_are_rows_under_the_heading_of_their_dimension():
    ax = draw_gaps(gap_table(groups=TIERS), new_axes())
    assert labels(ax) == ["Flagship", *TIERS[1:]] * 5
    headings = [text for text in ax.texts if text.get_text() in ("Tangibles", "Reliability", "Empathy")]
    places = ax.get_yticks()
    assert [text.xy[1] < places[5 * k] for text, k in zip(headings, (0, 1, 4), strict=True)] == [True] * 3
    assert headings[1].xy[1] > places[4]


def test_two_split_columns_make_one_label():
    table = gap_table(groups=TIERS[:2])
    table.frame["city"] = "北京"
    ax = draw_gaps(replace(table, by=("tier", "city"), by_columns=(TIER, Column("city", {"en": "city"}))), new_axes())
    assert labels(ax)[:2] == ["Flagship, 北京", "standard, 北京"]


def test_rows_keep_the_instruments_order():
    table = gap_table("item", ITEMS)
    shuffled = replace(table, frame=table.frame.sample(frac=1, random_state=1))
    assert labels(draw_gaps(shuffled, new_axes())) == [say(item.label, "en") for item in INSTRUMENT.items]


def test_items_stand_under_their_dimension_where_the_instrument_keeps_it_together():
    ax = draw_gaps(gap_table("item", ITEMS), new_axes())
    assert {"Tangibles", "Empathy"} <= set(words(ax))
    retail = load_instrument("retail-13")  # its dimensions alternate
    ax = draw_gaps(gap_table("item", [item.id for item in retail.items], retail), new_axes())
    assert "Tangibles" not in words(ax)
    assert len(labels(ax)) == 13


def test_signs_of_mathematics_in_a_name_stay_text():
    dimension = replace(INSTRUMENT.dimensions[0], label={"en": "Price ($) and value ($_{x}"})
    ax = draw_gaps(
        gap_table(instrument=replace(INSTRUMENT, dimensions=(dimension, *INSTRUMENT.dimensions[1:]))), new_axes()
    )
    save_svg(ax)
    assert labels(ax)[0] == "Price ($) and value ($_{x}"


# What can't be computed


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("reason", "missing"),
    [
        ("nobody", NUMBERS),
        ("one side", ["expectation", "gap", "se", "low", "high"]),
        ("one answer", ["se", "low", "high"]),
        ("one cluster", []),
    ],
)
def test_row_with_a_reason_is_grey_and_says_it(language, reason, missing):
    table = changed(gap_table(language=language), 1, reason=reason, **dict.fromkeys(missing, np.nan))
    ax = draw_gaps(table, new_axes())
    save_png(ax, dpi=50)
    assert REASONS[reason][language] in words(ax)
    assert len(labels(ax)) == 5, "the row stays"
    drawn = "perception" not in missing
    assert np.isfinite(dots(ax, "perception")[1]) == drawn
    edges = [to_hex(color) for color in marks(ax, "perception").get_edgecolors()]
    assert (edges[1] == GREY) == drawn
    assert GREY not in [edges[0], *edges[2:]]
    place = ax.get_yticks()[1]
    figures = [text for text in ax.texts if text.xy == (1, place)]
    assert {to_hex(text.get_color()) for text in figures} == {GREY}
    assert (figures[0].get_text() == "–") == ("gap" in missing)
    assert (figures[1].get_text() == "") == ("low" in missing)


def test_reason_of_all_rows_is_said_once():
    table = gap_table()
    table.frame["reason"] = "one cluster"
    ax = draw_gaps(table, new_axes())
    reason = REASONS["one cluster"]["en"]
    assert reason not in words(ax)
    assert caption(ax).endswith(f"All rows: {reason}.")


def test_sum_lies_off_the_scale_and_keeps_its_figures():
    table = gap_table("total", ["mean", "sum"])
    table = changed(table, 1, expectation=132.0, perception=118.0, gap=-14.0, low=-16.0, high=-12.0)
    ax = draw_gaps(table, new_axes())
    assert np.isnan(dots(ax, "perception")).tolist() == [False, True]
    assert {"−14.00", "[−16.00, −12.00]", "off this scale: in figures only"} <= set(words(ax))
    assert labels(ax) == ["Overall (mean)", "Overall (sum of items)"]


def test_totals_of_groups_stand_together():
    ax = draw_gaps(gap_table("total", ["mean", "sum"], groups=TIERS[:2]), new_axes())
    headings = [text for text in words(ax) if text.startswith("Overall (")]
    assert headings == ["Overall (mean)", "Overall (sum of items)"]
    assert labels(ax) == ["Flagship", "standard"] * 2


def test_table_without_rows_is_refused():
    table = gap_table()
    with pytest.raises(SpecError, match="needs rows"):
        draw_gaps(replace(table, frame=table.frame.iloc[:0]), new_axes())


# Axes and figures


def test_given_axes_are_used_and_their_figure_keeps_its_size():
    figure = Figure(figsize=(11, 5), layout="constrained")
    first, second = figure.subplots(1, 2)
    assert draw_gaps(gap_table(), second) is second
    assert not first.collections
    assert figure.get_size_inches().tolist() == [11, 5]
    save_png(figure, dpi=50)


def test_height_grows_with_the_rows():
    heights = [
        draw_gaps(table, new_axes()).figure.get_figheight()
        for table in (gap_table(), gap_table("item", ITEMS), gap_table(groups=TIERS))
    ]
    assert heights == sorted(heights)
    assert heights[0] < 4.5
    assert draw_gaps(gap_table(), new_axes(6)).figure.get_figwidth() == 6


def test_without_axes_pyplot_shows_the_figure_and_saving_closes_it():
    ax = gap_table().plot()
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [ax.figure]
    save_svg(ax)
    assert pyplot.get_fignums() == []


def test_new_axes_are_unknown_to_pyplot():
    save_png(draw_gaps(gap_table(), new_axes()), dpi=50)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_global_settings_and_the_table_stay_as_they_were(language):
    table = gap_table(language=language)
    settings, frame = dict(mpl.rcParams), table.frame.copy()
    for ax in (draw_gaps(table), draw_gaps(table, new_axes())):
        save_svg(ax)
        save_png(ax, dpi=50)
    assert dict(mpl.rcParams) == settings
    pd.testing.assert_frame_equal(table.frame, frame)


def test_a_users_style_does_not_reach_new_axes():
    plain = save_svg(draw_gaps(gap_table(), new_axes()))
    with mpl.rc_context({"axes.facecolor": "black", "axes.grid": True, "font.family": "serif", "axes.spines.top": True,
                         "savefig.bbox": "tight", "svg.fonttype": "none"}):  # fmt: skip
        assert save_svg(draw_gaps(gap_table(), new_axes())) == plain


TABLES = {
    "dimensions": gap_table(cautious=True),
    "tiers": gap_table(groups=TIERS),
    "items": gap_table("item", ITEMS),
    "remarks": changed(
        changed(gap_table(), 1, reason="one cluster"), 3, reason="nobody", **dict.fromkeys(NUMBERS, np.nan)
    ),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", list(TABLES))
def test_every_word_is_on_the_sheet_and_none_on_another(name, language):
    ax = draw_gaps(TABLES[name].in_language(language), new_axes())
    ax.figure.canvas.draw()
    texts = [ax._left_title, *ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), *ax.get_legend().get_texts()]
    boxes = {text: text.get_window_extent() for text in texts if text.get_text()}
    sheet = ax.figure.bbox
    for text, box in boxes.items():
        assert sheet.x0 <= box.x0 <= box.x1 <= sheet.x1, text.get_text()
        assert sheet.y0 <= box.y0 <= box.y1 <= sheet.y1, text.get_text()
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1.5 or b.y1 <= a.y0 + 1.5
        assert apart, (one.get_text(), other.get_text())


# Files


@pytest.mark.parametrize("language", ["en", "zh"])
def test_files_are_the_same_every_time(language):
    table = gap_table(groups=TIERS[:2], language=language)
    first, second = (draw_gaps(table, new_axes()) for _ in range(2))
    assert save_svg(first) == save_svg(second) == save_svg(first), "a second save of one picture, too"
    assert save_png(first, dpi=60) == save_png(second, dpi=60)


def test_svg_needs_no_font_and_has_no_date_but_a_title():
    svg = save_svg(draw_gaps(gap_table(language="zh"), new_axes()))
    assert "<text" not in svg
    assert "<dc:date>" not in svg
    assert "Matplotlib" not in svg
    assert f"<title>{gap_table(language='zh').title()}</title>" in svg
    assert save_png(new_axes()).startswith(b"\x89PNG")


# Fonts


def test_chinese_is_drawn_in_a_chinese_font_with_its_minus_signs():
    ax = draw_gaps(gap_table(language="zh"), new_axes())
    ax.figure.canvas.draw()  # a sign without a picture would warn, and a warning is an error here
    assert {text.get_fontfamily()[0] for text in [*ax.texts, *ax.get_yticklabels()]} == {chinese_font()}
    assert any("−" in text for text in words(ax))


def test_chinese_group_names_in_an_english_table_get_a_chinese_font():
    ax = draw_gaps(gap_table(groups=["旗舰店", "标准店"]), new_axes())
    ax.figure.canvas.draw()
    assert labels(ax)[:2] == ["旗舰店", "标准店"]
    assert ax.get_title(loc="left").startswith("Service-quality gap")


def test_without_a_font_labels_are_english_and_the_warning_comes_once(no_font):
    assert chinese_font() is None
    table = gap_table(language="zh", cautious=True)
    with pytest.warns(NoChineseFont, match="No font for Chinese was found") as caught:
        ax = draw_gaps(table, new_axes())
    assert len(caught) == 1
    assert caught[0].filename == __file__, "it points to the line that draws"
    assert labels(ax)[0] == "Tangibles"
    assert ax.get_title(loc="left") == table.in_language("en").title()
    assert not any(plots._CHINESE.search(text) for text in words(ax))
    save_svg(draw_gaps(table, new_axes()))  # a second warning would be an error


def test_english_needs_no_chinese_font(no_font):
    draw_gaps(gap_table(), new_axes())


def test_installed_family_goes_before_the_extra(monkeypatch):
    monkeypatch.delenv("SERVQUAL_FONT", raising=False)
    monkeypatch.setattr(plots.fontManager, "get_font_names", lambda: ["WenQuanYi Zen Hei", "PingFang SC"])
    assert chinese_font() == "PingFang SC"


def test_wished_font_goes_first(monkeypatch):
    extra = pytest.importorskip("pylopdf_fonts_zh_cn")
    monkeypatch.setenv("SERVQUAL_FONT", str(extra.serif_path()))
    assert chinese_font() == "Noto Serif SC"
    monkeypatch.setenv("SERVQUAL_FONT", "Noto Serif SC")
    assert chinese_font() == "Noto Serif SC"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("No Such Font", "neither a font file nor an installed"),
        (__file__, "neither a font file"),
        ("DejaVu Sans", "has no Chinese characters"),
    ],
)
def test_wished_font_that_cannot_serve_is_refused(monkeypatch, wish, message):
    monkeypatch.setenv("SERVQUAL_FONT", wish)
    with pytest.raises(SpecError, match=message):
        chinese_font()


def test_importing_the_package_loads_no_matplotlib():
    code = "import sys, servqual; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
